### Tally 的简体中文句子。标识与 en.ftl 相同，参数相同；一种语言就是一个文件。

## Parts

LIST_SEPARATOR = ；
REFUSED_BECAUSE = { $kind }（{ $told }）
KIND_INVALID_ARGUMENT = 请求有误，请修改后重试
KIND_NOT_FOUND = 找不到您可以查看的对象
KIND_ALREADY_EXISTS = 对象已经存在
KIND_ABORTED = 数据刚被他人修改，请重新读取后再试
KIND_FAILED_PRECONDITION = 当前状态不允许此操作
KIND_PERMISSION_DENIED = 您没有此项操作的权限
KIND_UNAUTHENTICATED = 请先登录
KIND_RESOURCE_EXHAUSTED = 请求过多，请稍后再试
KIND_UNAVAILABLE = 服务暂时不可用，请稍后再试
KIND_DEADLINE_EXCEEDED = 处理超时
KIND_CANCELLED = 操作已取消

## Every service

INTERNAL = 系统出错了，详情请运维人员查看日志。
NOT_FOUND = 找不到您可以查看的对象（{ $resource } { $id }）。
INVALID_REQUEST = 请求中有 { $count } 个字段不正确，详见各字段说明。
INVALID_FIELD = { $field }：{ $problem }
TEXT_EMPTY = 不能为空
TEXT_TOO_LONG = 最多 { $max } 个字符
LOCALE_UNKNOWN = 请填写本系统支持的语言：en 或 zh-CN
ID_MALFORMED = 应为 UUID
PAGE_TOKEN_INVALID = 翻页标记不属于此列表，请从第一页重新开始。

## Numbers, money, time

DECIMAL_MALFORMED = “{ $text }”不是小数（最多六位小数）
SHARE_OUT_OF_RANGE = 份额应为 0 至 1000000（百万分之一），不能是 { $ppm }
CURRENCY_UNKNOWN = “{ $text }”不是有效的 ISO 4217 货币代码：请写三个大写字母，例如 CNY
AMOUNT_MALFORMED = “{ $text }”不是金额：请只写数字和至多一个小数点，例如 1234.50，不要千位分隔符和货币符号
AMOUNT_TOO_FINE = “{ $text }”的小数位数超过 { $currency } 的规定：最多 { $digits } 位
AMOUNT_TOO_LARGE = 金额过大
CURRENCY_MISMATCH = { $one } 与 { $other } 不能相加，请先换算其中一种
SPLIT_WITHOUT_PEOPLE = 没有可分配的人员
SPLIT_WITHOUT_WEIGHT = 所有权重都为零，无法据此分配
SPLIT_DUPLICATE_ID = 同一标识出现了两次
SPLIT_WEIGHTS_TOO_LARGE = 权重过大，无法精确计算：请将所有权重除以同一个数
ZONE_UNKNOWN = “{ $zone }”不是 IANA 时区：请写名称，例如 Asia/Shanghai
TIME_MALFORMED = “{ $text }”不是时间：请写 2026-03-02T08:00:00+08:00，或用 2026-03-02 08:00:00 表示当地时间
TIME_IN_GAP = { $zone } 没有 { $local } 这个时刻：当时时钟正向前拨
TIME_OUT_OF_RANGE = 日期超出可用范围
PERIOD_BACKWARDS = 期间的结束日 { $to } 早于开始日 { $from }

## Sign-in

TOKEN_MISSING = 请先登录。
UNAUTHENTICATED = 请先登录。
TOKEN_INVALID = 登录凭证无效，请重新登录。
TOKEN_EXPIRED = 登录已过期，请重新登录。
KEY_NOT_KNOWN_YET = 此服务尚未获知登录凭证的密钥，请稍后再试。
CLOCKS_DIFFER = 系统各服务器的时钟不一致，请稍后再试。
TOKEN_OF_ANOTHER_REGION = 此登录凭证属于其他区域，请在本区域登录。
SESSION_ENDED = 会话已结束，请重新登录。
SIGN_IN_REFUSED = 登录名、密码或验证码不正确，或尝试次数过多，请稍后再试。
SECOND_FACTOR_NEEDED = 请输入验证器上的六位数字或一个恢复码。
SECOND_FACTOR_WRONG = 验证码不正确。
PASSWORD_MUST_CHANGE = 此密码只能使用一次，请同时设置新密码。
PASSWORD_WEAK = 密码太容易被猜到，请换一个更长或更少见的。
EMPLOYMENT_ENDED = 您的任职已结束，不能再登录。
MODULE_NOT_ENTITLED = 集团没有开通此模块，请联系平台运维人员。
TENANT_SUSPENDED = 集团已被暂停使用，请联系平台运维人员。
REGION_NOT_SERVED = 区域 { $region } 的数据在另一套系统中，请到那里查询。
FIELD_NOT_READABLE = 您没有查看字段 { $field } 的权限，因此不能按它查找。
PERMISSION_DENIED = 您没有此项操作的权限。
FOUR_EYES_REQUIRED = 此步骤须由他人办理：参与过前面步骤的人，包括出借或借用权限的人，不能办理此步骤。

## The suite

OVERLOADED = 系统繁忙，请稍后再试。
RATE_LIMITED = 操作过于频繁，请稍后再试。
DEADLINE_EXCEEDED = 处理超时，请重试。
STALE = 您读取之后数据已被他人修改，请重新读取后再操作。
STORE_BUSY = 数据库暂时繁忙，请稍后再试。
STORE_UNAVAILABLE = 数据库暂时繁忙，请稍后再试。
PEER_UNAVAILABLE = 所依赖的服务暂时不可用，请稍后再试。
PEER_REFUSES_SERVICE = 所依赖的服务尚未认识本服务，请稍后再试。
PEER_ADDRESS_INVALID = { $address } 不是服务地址：请写成 http://主机:端口 或 https://主机:端口。
PEER_CERTIFICATE_UNKNOWN = 服务器证书由此处不信任的机构签发：请指定该机构的证书文件（--ca，或设置 client.authority），或确认服务器地址无误。
PEER_CERTIFICATE_FOR_ANOTHER = 服务器证书属于另一个名称：请用证书中写明的名称访问。
PEER_CERTIFICATE_OUT_OF_DATE = 服务器证书不在有效期内：请运维人员更新证书，并确认本机时间正确。
PEER_WANTS_CERTIFICATE = 服务器要求调用方出示证书：请指定您的证书与私钥（--client-cert 与 --client-key，或设置 client.certificate 与 client.key）。
PEER_REFUSES_CERTIFICATE = 服务器不接受所出示的证书（{ $why }）：请向运维人员询问调用方证书应由哪个机构签发。
PEER_SPEAKS_PLAINTEXT = 地址以 https:// 开头，但该服务器不使用 TLS：请改写为 http://，或向运维人员询问正确的端口。
PEER_SPEAKS_TLS = 地址以 http:// 开头，但该服务器使用 TLS：请改写为 https://。
PEER_TLS_FAILED = 无法建立加密连接：{ $why }。
PEER_CERTIFICATES_UNUSABLE = 用于该服务器的证书无法使用：{ $why }。请用 --ca（或设置 client.authority）指定签发服务器证书的机构证书文件。
PEER_FAILED = 所依赖的服务暂时不可用，请稍后再试。
REQUEST_ID_REUSED = 同一 request_id 已用于内容不同的请求，请换一个新的。

## The command line

SERVER_AWAY = { $server } 没有应答：服务是否已在那里启动？用 --server 指定地址。
CLIENT_FILE_UNREADABLE = 无法读取 { $file }：{ $why }。
CLIENT_FILE_WRONG = { $file } 中没有 PEM 格式的 { $block }。
SIGNED_IN_AS = 以 { $login } 的身份访问 { $server }（由 `tally login` 登录）
LOGIN_GOOD = 登录有效至 { $until }。之后的命令无需再给令牌与地址；其他程序请以 `authorization: Bearer ..` 发送令牌。
LOGIN_NOT_REMEMBERED = 无法将登录保存到 { $file }（{ $why }）：请用 --token-file 把令牌交给其他命令。
SIGN_IN_OVER = { $login } 的登录已过期，请重新运行 `tally login { $login }`。
SIGN_IN_FIRST = 没有令牌：请先运行 `tally login 用户名`，或用 --token-file 指定令牌文件，或从标准输入传入。
## 导入运行中的套件

PERSON_NOT_IN_SUITE = 套件中没有您可见的工号 { $number }：请先处理 people.csv 中该行被拒的原因，再重新导入
ACCOUNT_NOT_IN_SUITE = 套件中没有您可见的账号 { $label }：请先处理 accounts.csv 中该行被拒的原因，再重新导入
IMPORT_STOPPED = 导入中断，已有 { $rows } 行在套件中；请重新运行同一命令，已导入的行会计为“已存在”
IMPORT_HEADING = 导入结果（{ $from } 至 { $to }）
IMPORT_WRITTEN = 新写入
IMPORT_UNCHANGED = 已存在
IMPORT_REFUSED = 被拒
IMPORT_CENSUS = 套件中您可见的数据
IMPORT_BEFORE = 导入前
IMPORT_AFTER = 导入后
IMPORT_UNITS = 组织单元
IMPORT_PEOPLE = 人员
IMPORT_ACCOUNTS = 客服账号
IMPORT_ALIASES = 别名
IMPORT_SHIFTS = 本期班次
IMPORT_SHIFT_HOURS = 班次小时数
IMPORT_PUNCHES = 本期打卡
IMPORT_HANDOVERS = 本期交接
IMPORT_RECORDS = 这些账号本期的服务记录
IMPORT_RECORD_HOURS = 记录小时数
IMPORT_AMOUNT = 记录销售额（最小货币单位）
IMPORT_REJECTED_ROWS = { $rows } 行无法读取；{ $file } 逐行写明改法。
IMPORT_REFUSED_ROWS = { $rows } 行未被套件接受；{ $file } 逐行写明原因。
IMPORT_NEEDS = 导入须由可读写组织单元、人员、出勤与服务记录的账号执行，例如具有角色 group_hr 的账号
