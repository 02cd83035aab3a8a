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
KIND_UNIMPLEMENTED = 该地址不提供此功能

## Kinds of things

RESOURCE_ACCOUNT = 客服账号
RESOURCE_ALIAS = 别名
RESOURCE_API_KEY = API 密钥
RESOURCE_CARD_OF_PERSON = 成绩单（人员）
RESOURCE_COMPONENT = 指标
RESOURCE_CORRECTION = 更正
RESOURCE_CYCLE = 考核周期
RESOURCE_DEVICE = 设备
RESOURCE_DELEGATION = 委托
RESOURCE_EMERGENCY = 紧急授权
RESOURCE_EMPLOYMENT = 任职
RESOURCE_ERASURE = 个人信息删除请求
RESOURCE_FINDING = 发现
RESOURCE_GRANT = 授权
RESOURCE_HANDOVER = 交接
RESOURCE_HOLD = 法律保留
RESOURCE_LEAVE = 假期
RESOURCE_LOGIN = 登录名
RESOURCE_ATTRIBUTION_RUN = 归属运行
RESOURCE_ORG_UNIT = 组织单元
RESOURCE_PAGE = 页面
RESOURCE_PERSON = 人员
RESOURCE_POOL = 奖金池
RESOURCE_POSITION = 岗位
RESOURCE_PRINCIPAL = 登录主体
RESOURCE_PROFILE_OF_PERSON = 人才画像（人员）
RESOURCE_PROVIDER = 单点登录提供方
RESOURCE_PUNCH = 打卡
RESOURCE_RECORD = 记录
RESOURCE_MEASURE = 指标
RESOURCE_CLAIM = 认领
RESOURCE_OBSERVATION = 观测
RESOURCE_REPORTING_LINE = 汇报关系
RESOURCE_SCHEDULE = 定时结账
RESOURCE_ROLE = 角色
RESOURCE_RUN_OF_A_SCHEDULE = 定时结账的运行
RESOURCE_SCHEME = 考核方案
RESOURCE_SCHEME_VERSION = 考核方案版本
RESOURCE_SERVICE_ACCOUNT = 服务账号
RESOURCE_SESSION = 会话
RESOURCE_SETTLEMENT = 结算
RESOURCE_SHIFT = 班次
RESOURCE_STATEMENT_OF_PERSON = 结算单（人员）
RESOURCE_TRANSFER = 跨区域传输
RESOURCE_UPLOAD = 上传

## Every service

INTERNAL = 系统出错了，详情请运维人员查看日志。
INTERNAL_DETAILS = 供排查的详情：{ $details }
NOT_FOUND = 找不到您可以查看的{ $resource } { $id }。
    .unit_on = { $day }（以该日为准）没有您可以查看的组织单元 { $id }：它此前已关闭、之后才设立，或从未存在（ListOrgUnits 的 as_of 可查看当日有哪些单元）
    .goes_on = 组织单元 { $id } 在 { $day }（以该日为准）之前已关闭，其人员转入 { $into }：请填写后者
    .id_number = 找不到您可以查看的、有此证件号码的人员。
    .removed = { $missing }；如果它属于 { $day } 之前，则可能已按保存期限删除。
INVALID_REQUEST = 请求中有 { $count } 个字段不正确，详见各字段说明。
INVALID_FIELD = { $field }：{ $problem }
LIST_EMPTY = 至少填写一项
NAME_ONE_OF = 请在 { $fields } 中填写且只填写一项
CHANGE_MISSING = 请说明要变更什么
DATE_EXPECTED = 应为日期：YYYY-MM-DD
    .month = 应为月份：YYYY-MM
TEXT_EMPTY = 不能为空
TEXT_TOO_LONG = 最多 { $max } 个字符
ID_MALFORMED = 应为 UUID
DATE_MALFORMED = { $field }：日期请写成 YYYY-MM-DD
    .text = “{ $text }”不是日期：请写成 YYYY-MM-DD
DATES_BACKWARDS = { $last } 早于 { $first }
INSTANT_IMPLAUSIBLE = 应为 { $first } 至 { $last } 年的时刻：请检查年份
INSTANT_INVALID = 应为公元 1 年至 9999 年之间的时刻
TEXT_UNUSABLE = { $field }：1 至 { $max } 个字符
ROWS_TOO_MANY = 一次最多 { $max } 行，本次为 { $count } 行：请分多次发送
ROWS_MISSING = 没有任何行：请至少发送一行
NOTHING_CHANGES = 现状已是如此，无需变更
    .fix = 此前已经更正，而这条发现早于更正：请重新结账（CloseCycle；已发布的周期用 CorrectCycle）或另起一次归属运行，再查看其发现
PAGE_TOKEN_INVALID = 翻页标记不属于此列表，请从第一页重新开始。

## Numbers, money, time

DECIMAL_MALFORMED = “{ $text }”不是小数（最多六位小数）
SHARE_OUT_OF_RANGE = 份额应为 0 至 1000000（百万分之一），不能是 { $ppm }
CURRENCY_UNKNOWN = “{ $text }”不是有效的 ISO 4217 货币代码：请写三个大写字母，例如 CNY
AMOUNT_MALFORMED = “{ $text }”不是金额：请只写数字和至多一个小数点，例如 1234.50，不要千位分隔符和货币符号
AMOUNT_TOO_FINE = “{ $text }”的小数位数超过 { $currency } 的规定：最多 { $digits } 位
AMOUNT_TOO_LARGE = 金额过大
CURRENCY_MISMATCH = { $one } 与 { $other } 不能相加，请先换算其中一种
    .pool = 奖金池的货币为 { $pool }，其他金额为 { $other }：一次结算只能使用一种货币。
RATE_MALFORMED = “{ $text }”不是汇率：请只写数字和至多一个小数点，例如 7.1234，小数最多 12 位，总共最多 18 位
RATE_NOT_POSITIVE = 汇率必须大于 0：请写一单位前一种货币折合多少后一种货币
RATE_MISSING = { $day } 没有 { $from } 兑 { $to } 的汇率：请用 SetRates 写入当日或更早生效的汇率，然后重试
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

TOKEN_MISSING = 请先登录：请求未附带 Bearer 令牌。
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
PASSWORD_WEAK = 密码太容易被猜到：请用四个互不相关的词
    .why = 密码太容易被猜到（{ $why }）：请用四个互不相关的词
WEAK_BY_KEYBOARD = 键盘上相邻的按键最先被猜到
WEAK_BY_REPEATS = 重复的内容并不会更难猜
WEAK_BY_FAME = 这是最常用的密码之一，或与之相似
WEAK_BY_SEQUENCE = abc、6543 之类的顺序最先被猜到
WEAK_BY_DATE = 年份和日期最先被猜到
WEAK_BY_WORD = 单独一个词或姓名最先被猜到
PASSWORD_UNUSABLE = 密码应为 12 至 256 个字符
LOGIN_MALFORMED = 登录名应为 2 至 100 个字母、数字或 . _ - @ +
LOGIN_TAKEN = 此登录名已被使用
PERSON_HAS_LOGIN = 此人已有登录账号，每人只有一个
REFRESH_REFUSED = 没有此会话或会话已结束，请重新登录。
REFRESH_REUSED = 此刷新凭证已被使用过，为安全起见会话已结束，请重新登录。
NO_PASSWORD = 此登录主体不使用密码登录
RESET_ONESELF = 修改自己的密码须提供旧密码：ChangePassword
LOGIN_HOLDS_MORE = 该账号拥有您无权授予的权限 { $permission }，请由有权授予的人办理。
SECOND_FACTOR_ALREADY_EXISTS = 已有第二因素，请先移除
SECOND_FACTOR_MISSING = 尚无第二因素，请从 EnrollTotp 开始
API_KEY_REFUSED = 没有此密钥或密钥已失效，请新建一个。
TOO_MANY_KEYS = 一个账号最多有 { $max } 个有效密钥，请先吊销一个
KEY_LIFE_UNUSABLE = expires_at：应为将来的时刻，最多 { $days } 天之后
PROVIDER_UNKNOWN = 没有此名称的单点登录提供方
PROVIDER_MALFORMED = 应为 2 至 50 个字符：a-z、0-9 和 -
PROVIDER_NAME_TAKEN = 其他集团已有此名称的提供方，请换一个名称
ADDRESS_MALFORMED = 应为以 https:// 开头的地址（本机可用 http://），不含 # 和用户名
SSO_PROVIDER_AWAY = 身份提供方无法访问或答复异常，请稍后再试。
SSO_STATE_REFUSED = 此次登录已过期，或不是在此处开始的，请重新开始。
SSO_REFUSED = 身份提供方的凭证未被接受，请重新开始。
SSO_LOGIN_UNKNOWN = 身份提供方认识您，但这里没有您的登录账号，请向管理员申请。
EMPLOYMENT_ENDED = 您今天没有在职的任职，不能登录：请联系维护集团人员信息的同事。
MODULE_NOT_ENTITLED = 集团没有开通模块 { $module }，请联系平台运维人员。
TENANT_SUSPENDED = 集团已被暂停使用，请联系平台运维人员。
REGION_NOT_SERVED = 区域 { $region } 的数据在该区域的系统中，请到那里办理（本系统服务的区域：{ $served }）。
    .file = 该文件发往区域 { $region }：请在那里接收。
FIELD_NOT_READABLE = { $field }：按此字段查找需要权限 { $permission }，您的授权中没有。
PERMISSION_DENIED = 您没有此项操作的权限。
    .at_all = 您的授权中没有权限 { $permission }。
    .here = 您有权限 { $permission }，但不包括此处。
    .group = 您的权限 { $permission } 仅限部分单元，而未填写单元即属于整个集团：如该调用可填写单元，请填写您的单元；否则请申请集团范围的授权。
    .signed_in = 此操作只供已登录的用户使用。
    .other_group = 服务只能查询其所在集团的权限视图。
FOUR_EYES_REQUIRED = 此步骤须由他人办理：参与过前面步骤的人，包括委托出该权限或受托该权限的人，不能办理此步骤。

## The group, its units and its people

INITIALISED_ALREADY = 此数据库已有集团：请登录，或使用空数据库，或出示邀请
    .invited = 此邀请已经用过，其集团已存在：请登录该集团，或向运维人员另索邀请
INVITATION_INVALID = 邀请不是本系统发出的，或不完整，请向运维人员重新索取。
INVITATION_EXPIRED = 邀请已过期，请向运维人员重新索取。
INVITED_ANOTHER = 此邀请属于另一个集团标识
REGION_ALREADY_EXISTS = 集团已有区域 { $region }
REGION_MALFORMED = 区域应为 1 至 32 个字符：a-z、0-9 和 -，例如 cn-north
REGION_UNUSABLE = 1 至 32 个字符：a-z、0-9 和 -，且不能重复
REGION_IS_GLOBAL = 应填写某个区域，不能是整个集团
REGION_MISSING = 集团有多个区域，请写明分公司所在的区域
    .from = 本系统服务集团的多个区域：请在 from_region 中写明转出区域。
    .switch = 本系统服务集团的多个区域：请用 --from REGION 写明转出区域。
REGION_UNKNOWN = 集团没有区域“{ $region }”
REGION_DIFFERS = 该分公司属于区域 { $region }，数据不能跨区域转移
REGION_CROSSED = 这些组织单元属于不同区域，数据不能跨区域转移
    .person = 该组织单元属于另一个区域，数据不能跨区域转移：请在此处结束任职，再以那个区域的工号在那里入职
    .manager = 该上级属于另一个区域，那里的人不能查看本区域的数据
SUSPENDED_ALREADY = 集团已经被暂停
SUSPENDED_TOO_SHORT = 集团暂停满 30 天后才能删除，最早为 { $from }
NOT_SUSPENDED = 集团正在使用中
NAME_DIFFERS = 请一字不差地填写集团名称，以确认没有选错
TENANT_DELETED = 集团已被删除
MODULE_UNKNOWN = “{ $name }”不是模块，可选：{ $known }
PSEUDONYM_ALREADY_EXISTS = 此人已有另一个代号，代号不变
PSEUDONYM_TAKEN = 此处已有他人使用这个代号，请核对是谁的
DIRECTORY_OLDER = 已导入此区域更新的名录
UNIT_PATH_MALFORMED = 应为 1 至 16 个以 / 分隔的名称，每个 1 至 200 个字符
UNIT_NAME_MALFORMED = 应为 1 至 200 个字符，不含 /
UNIT_UNKNOWN = 没有组织单元“{ $path }”，请先导入
    .was = { $day } 没有名为“{ $path }”的组织单元，它已改名、调整上级或撤销：请填写它当日的路径
UNIT_DIFFERS = 该组织单元已存在，类型是{ $kind ->
    [legal_entity] 法人实体
    [branch] 分公司
    [department] 部门
    [team] 团队
   *[group] 集团
}
UNIT_KIND_IS_ROOTS = 只有根节点是集团
UNIT_KIND_UNKNOWN = 没有这种组织单元类型：请填写分公司、法人实体、部门或团队；不填则按默认类型
UNIT_BEGINS_LATER = 该组织单元或其上级自 { $day } 起设立，请填写此日或之后的日期
    .hired_on = “{ $path }”自 { $day } 起设立，晚于 hired_on
UNIT_CLOSES = 组织单元 { $unit } 于 { $day } 撤销，请另选组织单元或日期
    .into = 组织单元 { $unit } 于 { $day } 撤销，其人员转入 { $into }：请选择后者，或另选日期
UNIT_HAD_NAME = 直至 { $day }，该处有一个名为“{ $name }”的组织单元，它已改名或调整了上级：请填写它目前的路径（见 ListOrgUnits）；若要以旧名新设组织单元，请写明其类型（kind）
ROOT_STAYS = 根节点就是集团，不能变更
ORG_CYCLE = 新的上级现在或按计划位于该组织单元之下
ORG_TOO_DEEP = 组织层级现在或按计划将超过 { $max } 级
UNIT_NAME_TAKEN = 在这些日期，上级之下已有组织单元“{ $name }”
UNIT_CHANGE_PLANNED = 该组织单元在 { $day } 已有变更，请填写此日或之后的日期
UNIT_CHANGE_BACKDATED = { $from } 早于当前月份：该日起的数据（包括已结账、已发放的月份）将不再由原上级单元查看，而由新单元查看。请填写 { $first } 或之后的日期；若当时确已变更，请注明 backdated
UNIT_HAS_CHILDREN = 届时“{ $name }”仍在其下：请先调整或撤销它，或合并该组织单元
UNIT_HAS_PEOPLE = 届时该组织单元仍有 { $count } 个任职：请在 move_people_to 中写明调往何处
MERGED_INTO_ITSELF = 请列出一个或多个要合并的组织单元（不重复），以及另一个保留的组织单元
PEOPLE_TO_NOWHERE = 人员调入的组织单元应为分公司或其下级，且当日不能撤销
UNIT_HAS_NO_REGION = 人员属于分公司或其下级，不能直接属于集团
PERSON_DIFFERS = 此工号已存在，但 { $field } 不同
EARLIER_ROW_REFUSED = 此工号有更早的一行被拒收，而本行承接该行：请先改正那一行，再一并发送
PERSON_OUT_OF_REACH = 该组织单元今天或自入职日以来的某天超出您可以写入的范围：请去掉该行，或由对这些日期均有权限的人发送
EMPLOYMENT_OVERLAPS = 此人自 { $day } 起的任职与这些日期重叠，请先结束它
NOT_EMPLOYED = 此人在 { $day } 没有任职
MANAGER_NOT_EMPLOYED = 该上级在 { $day } 没有任职，请另选一位
ENDS_ALREADY = 该任职已定于 { $day } 结束
    .line = 该汇报关系已定于 { $day } 结束
EMPLOYMENT_KIND_UNKNOWN = “{ $text }”不是用工形式：请使用 full_time（全日制）、part_time（非全日制）、fixed_term（固定期限）、intern（实习）、agency（劳务派遣）、outsourced（外包）或 freelance（劳务合同）
NOT_IN_CATALOGUE = { $field }：集团的目录在 { $day } 没有“{ $code }”，请先导入或另选一个
EMPLOYMENT_CHANGE_PLANNED = 该任职在 { $day } 已有变更：请填写此日或之后的日期，或取消该变更
NOTHING_PLANNED = 该任职在 { $day } 没有可以取消的变更
HOME_ENDS = 这是主任职，应由 EndEmployment 连同其他任职一并结束
START_TOO_LATE = 在新的首日之前，{ $day } 已有相关记录，请先更正
OUTLASTS_HOME = 主任职于 { $day } 结束，兼职和假期最迟同日结束
LEAVE_OVERLAPS = 此人自 { $day } 起的假期与这些日期重叠，请先结束它
POST_KIND_MISSING = 应为兼职或借调；主任职由入职、调动或再入职产生
EMPLOYEE_NO_TAKEN = 此工号已属于他人
ID_NUMBER_TAKEN = 此证件号码在本区域已属于他人
ID_NUMBER_INVALID = 证件号码应为 1 至 64 个字符，不含控制字符
ID_NUMBER_CHECKSUM = 居民身份证号码的末位与其他数字不符，请对照证件核对
LINE_KIND_MISSING = 应为实线或虚线
REPORTING_CYCLE = 在 { $day }，该上级直接或间接向此人汇报
LINE_CHANGE_PLANNED = 另一条实线自 { $day } 开始：请结束它，或把最后一天定在此前
LINE_THERE_ALREADY = 汇报关系 { $id } 在其中一些日期已是如此
RATE_OF_ITSELF = 货币对其自身的汇率始终为 1：请写另一种货币
SUPERSEDED_AND_KNOWN_AT = 只能查询某一时刻已知的汇率，或全部历史记录，二者选一
KIND_MISSING = 请写明是岗位还是职级
RANK_UNUSABLE = 职级须有从 1 起的等级序号，岗位没有
ENTRY_CHANGE_PLANNED = 此代码自 { $day } 起已有条目：请在此前结束，或自该日开始

## Access

HOURS_MALFORMED = 时段应为两个不同的时间，例如 08:00-20:00
SCOPE_MALFORMED = self、reports、tenant 不指明对象；unit、subtree、legal_entity 指明组织单元；region 指明区域
REACH_MISSING = 请写明适用范围
PERMISSION_UNKNOWN = “{ $text }”不是本版本的权限
ROLE_UNKNOWN = 没有角色“{ $role }”
    .own = 集团没有自定义角色“{ $role }”
SCOPE_NOT_FOR_ROLE = 角色 { $role } 不能按范围 { $scope } 授予
NOT_A_LEGAL_ENTITY = { $unit } 不是法人实体
NO_PERSON = 此登录账号不对应任何人员，请指明组织单元或区域
    .punching = 只有员工本人可以打卡和交接账号：请用属于本人的登录名登录。
    .claiming = 只有员工本人可以认领会话：请用属于本人的登录名登录。
DUTIES_SEPARATED = 任何人不得同时拥有 { $a } 和 { $b }：请授予他人
    .role = 任何角色不得同时包含 { $a } 和 { $b }：请分成两个角色
    .holder = { $principal } 拥有此角色，将同时拥有 { $a } 和 { $b }：请先收回其中一项授权
    .delegated = 任何人一天也不得同时拥有 { $a } 和 { $b }：请委托他人
GRANTED_ALREADY = 授权 { $id } 在这些日期已授予此项
GRANT_NOT_HELD = 您自己的授权在此处没有 { $permission }，因此不能转给他人
GRANT_TO_ONESELF = 不能给自己授予自己没有的权限，请由另一位管理员办理
    .role = 您拥有此角色，但没有 { $permission }，请由另一位管理员办理
REVOKED_ALREADY = 此授权已被收回
PRINCIPAL_OR_LOGIN = 请只写主体或登录名之一
LAST_ADMINISTRATOR = 这样将无人能够授予角色：请先把 group_admin 授予他人
ROLE_NAME_MALFORMED = 应为 2 至 64 个字符：a-z、0-9 和 _
ROLE_NAME_RESERVED = 此名称属于预置角色或服务，请换一个
ROLE_EMPTY = 请至少填写一项权限和一个范围
ROLE_FOR_SERVICES = { $permission } 只供系统内的服务使用
ROLE_IN_USE = 有 { $count } 项授权使用此角色，请先收回
DELEGATION_EMPTY = 请至少填写一项权限
DELEGATION_TIME = 结束时间须晚于开始时间，且在将来
DELEGATION_TOO_LONG = 最长 90 天；更长时间请由他人授予角色
DELEGATION_TO_ONESELF = 请指定他人
DELEGATION_ENDED = 此委托已经结束
PERMISSION_NOT_DELEGABLE = { $permission } 不能委托
BREAK_GLASS_EMPTY = 请写明要开启的权限
PERMISSION_NOT_OPENED = 紧急授权不能开启 { $permission }：涉及授权的权限和须分离的职责不在其内
BREAK_GLASS_SCOPE = 请指明组织单元、区域或集团，不能是 self 或 reports
BREAK_GLASS_REASON = 请用至少 20 个字符说明发生了什么
BREAK_GLASS_TIME = 应为 1 至 60 分钟
BREAK_GLASS_OPEN = 您的紧急授权 { $id } 尚未结束，请先结束它
    .unreviewed = 此紧急授权尚未结束：请先结束，再复核
BREAK_GLASS_ENDED = 此紧急授权已经结束
BREAK_GLASS_NO_STREAMS = 紧急授权下不提供流式读取，请逐页读取
REVIEWED_ALREADY = 已经复核过
ALLOWED_BY_ROLE = 角色 { $role } 在此处给予 { $permission }
ALLOWED_BY_DELEGATION = { $permission } 是他人委托或紧急开启的，见委托人
REFUSED_HERE = 角色 { $role } 给予 { $permission }，但不包括此处
REFUSED_BY_CONDITION = 角色 { $role } 在此处给予 { $permission }，但需要第二因素登录或在其他时段
REFUSED_TODAY = 角色 { $role } 在此处给予 { $permission }，但今天不生效
REFUSED_WITHOUT_MODULE = 集团没有 { $permission } 所属的模块
REFUSED_WITHOUT_GRANT = 没有授权给予 { $permission }；含有它的角色：{ $roles }

## Privacy

SUBJECT_IN_PART = 对象须同时写明类型和标识
LEGAL_HOLD = 存在法律保留，须先解除，见 ListHolds
HOLD_LIFTED = 此法律保留已经解除
RETENTION_KIND_UNKNOWN = “{ $kind }”不是数据类别，ListRetention 列出全部类别
RETENTION_OUT_OF_BOUNDS = 此类数据的保存期为 { $min } 至 { $max } 个月
RETENTION_RUNS = 依法须保存的此人数据保存至 { $day }，请在此日之后再申请
PERSON_ERASED = 此人的个人信息已被删除，不能再写入；再次入职的是新的人员
STILL_EMPLOYED = 只能删除已离职人员的个人信息，请先结束任职
ERASURE_ALREADY_EXISTS = 此人已有删除请求 { $id }
OWN_ERASURE = 不能批准删除自己的个人信息，须由他人批准
ERASED_ALREADY = 此删除请求已经批准
ERASURE_DROPPED = 此请求已撤回或被驳回，请重新申请
ERASURE_NOT_APPROVED = 此删除请求尚未批准
NOT_A_SERVICE = 只有保存个人数据的服务才能报告删除情况

## How long data are kept, counted from when and why

KEPT_FROM_ALIASES = 别名或设备的最后一天
KEPT_BECAUSE_ALIASES = 在薪酬可能有争议期间，须能证明记录归属于谁
KEPT_FROM_DUTY = 打卡或交接的时间、班次的结束
KEPT_BECAUSE_DUTY = 工资记录及其依据：两年（《工资支付暂行规定》）
KEPT_FROM_PAY = 结算单写成之日
KEPT_BECAUSE_PAY = 代扣个人所得税的资料：五年；工资记录：两年
KEPT_FROM_PERSON = 最后一次任职结束
KEPT_BECAUSE_PERSON = 已终止的劳动合同：两年（《劳动合同法》）
KEPT_FROM_SESSIONS = 会话最迟结束之日
KEPT_BECAUSE_SESSIONS = 网络使用日志：六个月（《网络安全法》）
KEPT_FROM_RECORDS = 记录的开始时间
KEPT_BECAUSE_RECORDS = 薪酬所依据的记录，在可能有争议期间保存
KEPT_FROM_RESULTS = 结果写成之日；归属份额则为其记录的开始时间
KEPT_BECAUSE_RESULTS = 薪酬所依据的得分：与代扣个人所得税的资料相同
KEPT_FROM_REQUESTS = 请求之时
KEPT_BECAUSE_REQUESTS = 重复发送的请求会得到第一次的答复，此外没有用途
KEPT_FROM_EVIDENCE = 证据写成之日
KEPT_BECAUSE_EVIDENCE = 人才画像所汇总的内容，法律没有要求

## The suite

OVERLOADED = 系统繁忙，请稍后再试。
RATE_LIMITED = 操作过于频繁，请稍后再试。
DEADLINE_EXCEEDED = 处理超时，请重试。
STALE = 您读取之后数据已被他人修改，请重新读取后再操作。
STORE_BUSY = 数据库暂时繁忙，请稍后再试。
STORE_UNAVAILABLE = 暂时无法连接数据库，请稍后再试。
STORE_DAMAGED = 某个服务的数据库已损坏，重试没有用：请运维人员停止该服务，检查损坏的范围（SQLite 用 PRAGMA integrity_check，PostgreSQL 用 pg_amcheck），并从备份恢复数据库
    .server = { $service } 在 { $at } 的数据库 { $database } 中的数据已损坏：请停止该服务，用 pg_amcheck 检查损坏的范围，并从备份恢复数据库；其内容未作任何更改
STORE_READ_ONLY = 某个服务的数据库目前只能读取，未作任何更改：请运维人员恢复其写入权限（SQLite：该文件及其文件夹；PostgreSQL：可写入的服务器，而不是它的备库），然后重试
    .server = { $service } 的 PostgreSQL（{ $at }）不接受写入：它是备库，或启用了 default_transaction_read_only。请在 { $setting } 中填写可写入的服务器
PEER_UNAVAILABLE = 所依赖的服务暂时不可用，请稍后再试。
PEER_REFUSES_SERVICE = 所依赖的服务尚未认识本服务，请稍后再试。
PEER_ADDRESS_INVALID = { $address } 不是服务地址：请写成 http://主机:端口 或 https://主机:端口。
PEER_CERTIFICATE_UNKNOWN = 服务器证书由此处不信任的机构签发：请指定该机构的证书文件（--ca，或设置 client.authority），或确认服务器地址无误。
PEER_CERTIFICATE_FOR_ANOTHER = 服务器证书属于另一个名称：请用证书中写明的名称访问。
PEER_CERTIFICATE_OUT_OF_DATE = 服务器证书不在有效期内：请运维人员更新证书，并确认本机时间正确。
PEER_WANTS_CERTIFICATE = 服务器要求调用方出示证书：请指定您的证书与私钥（--client-cert 与 --client-key，或设置 client.certificate 与 client.key）。
PEER_REFUSES_CERTIFICATE = 服务器不接受所出示的证书：请向运维人员询问调用方证书应由哪个机构签发。
    .expired = 向服务器出示的证书不在有效期内：请向其签发机构申请新证书并指定它（--client-cert 与 --client-key，或设置 client.certificate 与 client.key）。
    .revoked = 向服务器出示的证书已被吊销：请向其签发机构申请新证书并指定它（--client-cert 与 --client-key，或设置 client.certificate 与 client.key）。
PEER_SPEAKS_PLAINTEXT = 地址以 https:// 开头，但该服务器不使用 TLS：请改写为 http://，或向运维人员询问正确的端口。
PEER_SPEAKS_TLS = 地址以 http:// 开头，但该服务器使用 TLS：请改写为 https://。
PEER_TLS_FAILED = 无法建立加密连接：{ $why }。
CERTIFICATE_KEY_MISMATCH = 证书与私钥不成对：请指定与该证书配套的私钥（调用方为 --client-key 或 client.key，服务端为 server.tls_key）
PEER_CERTIFICATES_UNUSABLE = 用于该服务器的证书无法使用：{ $why }。请用 --ca（或设置 client.authority）指定签发服务器证书的机构证书文件。
PEER_FAILED = 此操作所依赖的服务拒绝了请求。
DEADLINE_MALFORMED = grpc-timeout 应为最多 8 位数字加一个单位：H M S m u n
REQUEST_CUT_OFF = 请求没有传完
REQUEST_UNREADABLE = 无法按此方法的消息格式解读请求：请检查双方的接口定义（proto/）是否一致，文本是否为 UTF-8
    .envelope = 请求不是 Connect 信封格式的消息流：每条消息前应有一个标志字节（0，压缩时为 1）和四个字节的长度
    .compressed = 请求无法解压：其压缩方式与声明的（{ $said }）不符
ONE_MESSAGE_WANTED = 该调用只接受一条消息，请求中有 { $sent } 条
REQUEST_TOO_LARGE = 请求超过 { $max } 字节：请减少每次发送的行数
ANSWER_TOO_LARGE = 应答超过 { $max } 字节：请减少每次查询的行数（page_size），或缩小查询范围
REQUEST_COMPRESSED = 请求经过压缩，无法读取：请不压缩直接发送（grpc-encoding identity）
    .unknown = 无法读取压缩方式 { $said }：请用 gzip 压缩或不压缩发送
TEXT_WITH_NUL = 请去掉字符 NUL（U+0000）：文本中不能含有它
METHOD_UNKNOWN = 此处没有这个方法：请检查名称，以及双方是否为同一版本
SERVICE_ELSEWHERE = 该地址的进程不运行服务 { $service }：请访问运行它的进程；服务之间和 tally 命令通过设置项 peers.{ $service } 找到它
PROBLEM_TITLE =
    { $status ->
        [400] 请求有误
        [401] 未登录
        [403] 没有权限
        [404] 未找到
        [405] 不支持该方法
        [409] 冲突
        [412] 期间已被修改
        [413] 内容过大
        [415] 不支持的格式
        [429] 请求过多
        [431] 请求头过大
        [499] 已取消
        [501] 此处不提供
        [503] 暂时不可用
        [504] 超时
       *[other] 内部错误
    }
PATH_UNKNOWN = 此处没有路径 { $path }：全部路径见 /openapi.json
HTTP_METHOD_WRONG = 该路径不支持 { $method }，支持 { $allowed }
MEDIA_TYPE_WRONG = 请求正文须为 JSON（Content-Type: application/json），收到的是 { $said }
    .rpc = 该调用接受 { $taken }（Content-Type），收到的是 { $said }
BODY_TOO_LARGE = 请求正文超过 { $limit } 字节：请减少每次发送的行数
BODY_BROKE_OFF = 请求正文未发送完整
BODY_TOO_SLOW = 请求正文发送过慢：请加快发送或减小每次的内容
BODY_NOT_READ = 该调用不读取请求正文：参数在路径和 ? 之后
BODY_NO_OBJECT = 请求正文须为 JSON 对象
HEADERS_TOO_LARGE = 请求头合计超过 { $limit } 字节，或超过 { $most } 个：请减少或缩短
BODY_NO_JSON = 请求正文自第 { $line } 行第 { $column } 列起不是 JSON
    .early = 请求正文的 JSON 没有写完
    .deep = 请求正文的列表与对象超过 127 层
    .twice = 请求正文的一个对象中，名称 { $name } 出现了两次
FIELD_UNREADABLE = 无法读取：请填写{ $expected }
    .unknown = 没有这个字段
    .twice = 以 { $one } 和 { $other } 说了两次：请去掉一个
    .choice = { $fields } 只能填写其中一个
    .encoding = 百分号编码的内容不是 UTF-8 文本
    .precision = 时刻的秒最多九位小数
    .second = 秒的取值为 00 至 59
    .digits = 带小数或指数的数字位数过多：请写成文本
VALUE_EXPECTED = 相应类型的值
    .yes_or_no = true 或 false
    .whole = { $least } 至 { $most } 的整数
    .number = 数字
    .text = 文本（带引号）
    .bytes = base64 文本
    .instant = 公元 1 至 9999 年的时刻，如 2026-03-02T09:00:00Z
    .duration = 秒数，如 600s
    .name = { $names } 之一
    .object = 对象
    .list = 列表
FIELD_SAID_TWICE = 出现两次且不一致：请从正文或查询参数中去掉一处
CONNECT_QUERY_WRONG = 须为 v1
    .missing = 缺少
    .base64 = 不是网址用的 base64
QUERY_UNKNOWN = 不是该调用的参数：参数见 /openapi.json；个人信息请放在正文中
HEADER_NOT_READ = 该调用不读取请求头 { $header }：请去掉
    .several = 请求头 { $header } 只能写一个实体标签（带引号）或 *
ANSWER_HAS_NO_FIELD = 应答没有字段 { $field }
DOCS_PAGE = Tally 的全部调用
    .lead = 本套件经 HTTP 与 JSON 提供的全部调用，与路由出自同一张表。各调用的说明为接口定义中的英文原文。
    .how = 书写约定
    .machine = 供程序读取的同一份说明（OpenAPI 3.1）
    .count = { $count } 个调用
    .permission = 需要权限
    .session = 需要登录，不需要特定权限。
    .nobody = 无需登录。
    .parameters = 参数
    .body = 正文
    .lines = 正文：每行一个此对象
    .answer = 应答
    .stream = 应答：每行一个此对象，或每个事件一个
    .refusals = 可能的拒绝
    .example = 示例
    .required = 必填
    .filled = 由服务端填写
    .values = 取值
    .shapes = 对象
    .in_path = 在路径中
    .in_query = 在 ? 之后
    .in_header = 请求头
REQUEST_ID_INVALID = request_id 最多 { $max } 个字符，建议用 UUID
REQUEST_ID_REUSED = 同一 request_id 已用于内容不同的请求，请换一个新的。
LEASE_LOST = 此项工作已由另一个进程接手，本次尝试的内容未保留

## For whoever operates the suite

PORT_TAKEN = 无法监听 { $address }：{ $cause }；请用 --listen 或 TALLY_SERVER_LISTEN 另选地址
HTTP_PORT_TAKEN = 网关无法监听 { $address }：{ $cause }；请用 --http 或 TALLY_SERVER_HTTP 另选地址，或从 --services 中去掉 gateway
DATABASE_URL_INVALID = 数据库 URL 应以 sqlite:// 或 postgres:// 开头
    .server = 无法识别 { $setting }：应为 postgres://角色:密码@主机:端口/数据库，密码中的 / ? # @ % 须写作 %2F %3F %23 %40 %25
    .file = 无法识别 { $setting }：应为 sqlite://文件夹/{"{"}service{"}"}.db；文件夹以 / 开头或名称不只含字母与数字时，应为 sqlite:///文件夹/{"{"}service{"}"}.db
STORE_AWAY = 无法连接 { $service } 的 PostgreSQL（{ $at }）：{ $why }。请确认它正在该处运行，或更正 { $setting } 中的主机与端口
STORE_SIGN_IN_REFUSED = PostgreSQL（{ $at }）拒绝 { $user } 登录：没有这个角色，或密码不符。请在 { $setting } 中填写正确的密码，或用所有者的 URL 运行 `tally migrate`：它会创建该角色，并把该密码设给它
    .owner = PostgreSQL（{ $at }）拒绝 { $user } 登录：没有这个角色，或密码不符。请更正 { $setting } 中的角色与密码
    .rule = PostgreSQL（{ $at }）不允许 { $user } 以这种方式从本机进入 { $database }：其 pg_hba.conf 中没有相应规则。若它要求 TLS，请在 { $setting } 中写上 sslmode=require；否则请其运维人员添加规则
STORE_DATABASE_MISSING = { $at } 上没有数据库 { $database }：请更正 { $setting } 中的名称，或请服务器所有者创建（CREATE DATABASE { $database }）
STORE_PARAMETER_REFUSED = PostgreSQL（{ $at }）不接受此连接的参数，它说：{ $says }。请更正 { $setting } 中 ? 之后的内容；若那里是 PgBouncer，其运维人员可以放行该参数（pgbouncer.ini 中的 ignore_startup_parameters）
STORE_TLS_FAILED = 无法与 PostgreSQL（{ $at }）建立加密连接（{ $why }）：请更正 { $setting } 中的 sslmode 与 sslrootcert，或请其运维人员修正证书
    .none = { $setting } 要求 TLS（sslmode），而 PostgreSQL（{ $at }）不使用 TLS：请其运维人员启用（ssl = on）；若网络上没有其他人，也可去掉 sslmode
STORE_RIGHT_MISSING = { $user } 缺少 { $service } 在 { $at } 的数据库 { $database } 中所需的权限：请用所有者的 URL 运行 `tally migrate`，它会授予这些权限
    .owner = { $user } 无权在 { $at } 的数据库 { $database } 中创建 schema、角色与表：请在 { $setting } 中使用拥有该数据库且可创建角色（CREATEROLE）的角色，或超级用户
DATABASE_ROLE_OF_ANOTHER = { $service } 以 { $user } 登录，而它的数据只供角色 { $login } 使用：请在 { $setting } 中把角色写成 tally_{"{"}service{"}"}（postgres://tally_{"{"}service{"}"}:PASSWORD@HOST/DATABASE）
DATABASE_IN_USE = 数据库 { $database } 中已有 tally 的数据（schema { $schema }），而这里需要空的数据库：请新建一个（CREATE DATABASE），并用 { $setting } 指定；未作任何更改
STORE_FILE_DAMAGED = 文件 { $file } 已损坏，或不是 SQLite 数据库：请从备份恢复，或用 { $setting } 指定其他位置；文件内容未作任何更改。损坏的范围可用 sqlite3 的 PRAGMA integrity_check 查看
STORE_FILE_UNUSABLE = 无法读写文件 { $file }：{ $why }。请让本进程的用户有权读写该文件及其文件夹，或用 { $setting } 指定其他位置
    .read_only = 文件 { $file } 只能读取，而数据库需要写入：请让本进程的用户有权写入该文件及其文件夹；若 { $setting } 中有 mode=ro，请去掉它
STORE_DISK_FULL = { $at } 所在的磁盘已满：请腾出空间后重试
    .serving = 某个服务的数据库所在的磁盘已满，未作任何更改：请运维人员腾出空间，然后重试
STORE_DISK_FAILS = { $at } 所在的磁盘出错：请查看该机器的日志，修复或更换磁盘，并在继续之前确认数据完整
    .serving = 某个服务的数据库所在的磁盘出错，未作任何更改：请运维人员查看该机器的日志，然后重试
DATABASE_ROLE_TOO_POWERFUL = { $service } 的数据库 URL 以 { $user } 登录，它是{ $power }：行级安全将不起作用。请在 URL 中使用角色 { $login }（postgres://tally_{"{"}service{"}"}@host/database）；用所有者的 URL 运行 `tally migrate` 会创建它
POWER_SUPERUSER = 超级用户
POWER_BYPASSRLS = 带 BYPASSRLS 的角色
POWER_OWNER = 各表的所有者
SCHEMA_BEHIND = { $service } 的数据库结构落后 { $count } 个迁移（下一个是 { $next }）：请用所有者的 URL 运行 `tally migrate`
SCHEMA_AHEAD = { $service } 的数据库已由更新版本的 tally 升级（本版本不认识 { $migration }）：请使用该版本或更新的版本，或恢复升级之前的备份
TENANT_NOT_HERE = 此数据库是 SQLite 文件，已存放另一个集团；多个集团需要 PostgreSQL（TALLY_DATABASE_URL=postgres://...），由行级安全隔开
STORE_OF_ANOTHER_SERVICE = { $service } 的 SQLite 文件属于 { $owner }：请在 URL 中写上 {"{"}service{"}"}（sqlite://dir/{"{"}service{"}"}.db）
SERVICE_NAME_INVALID = “{ $service }”不能作为服务名：最多 32 个字符，只用 a-z 和 _
HEADS_UNREADABLE = 无法读取签名链头文件 { $file }：{ $cause }
HEADS_UNWRITABLE = 无法把日志的签名链头写入 { $file }：{ $cause }。请用 audit.heads_directory 指定本进程的用户有权写入的文件夹
KEYS_UNUSABLE = 密钥文件 { $file } 不能使用：{ $cause }。请从备份恢复它，或让 keys.directory 指向正确的文件夹；已加密的内容用其他密钥打不开
    .missing = 没有密钥文件 { $file }：请让 keys.directory 指向正确的文件夹，或从备份恢复它；已加密的内容用其他密钥打不开
    .closed = 密钥文件 { $file } 不能使用：{ $cause }。运行本进程的用户须能读取该文件：作为所有者（权限 0400），或通过所属组（0440，在 Kubernetes 上配合 fsGroup）
    .unwritable = 无法写入密钥文件 { $file }：{ $cause }。请让本进程的用户有权写入其文件夹，或用 keys.directory 指定其他文件夹
    .signing = 密钥 { $file } 不能使用：{ $cause }。请从备份恢复它，或让 keys.directory 指向正确的文件夹。没有备份时请移走它：下次启动会生成新密钥，已登录的用户须重新登录，信任旧密钥的其他系统需要新的 .pub 文件
    .closed_signing = 密钥 { $file } 不能使用：{ $cause }。运行本进程的用户须能读取该文件：作为所有者（权限 0400），或通过所属组（0440，在 Kubernetes 上配合 fsGroup）
    .public = 公钥 { $file } 不能使用：{ $cause }。请重新从该密钥所属的服务复制；若它旁边就有 .key 文件，可以删除它，该服务启动时会重新写出
    .folder = 密钥文件夹 { $file } 不能使用：{ $cause }。请让本进程的用户有权读写该文件夹，或用 keys.directory 指定其他文件夹
    .unwritable_signing = 无法写入密钥 { $file }：{ $cause }。请让本进程的用户有权写入其文件夹，或用 keys.directory 指定其他文件夹
    .foreign = 公钥 { $file } 不属于它旁边的密钥 { $private }：其中之一被替换过。请从备份恢复两者；若私钥无误，请删除公钥，其服务启动时会重新写出
SECRET_OPEN = 本机上的任何人都能使用它；请对它执行 chmod 600
    .group = 它的组 { $gid } 能使用它，而本进程不在该组中；请对它执行 chmod 600，或以组 { $gid } 运行本进程（Kubernetes 上为 fsGroup: { $gid }）
    .writable = 它的组能更改它；请对它执行 chmod g-w
KEY_FILE_MALFORMED = 其首行应以“{ $header }”开头
    .lock = 其首行没有说明它如何受保护
    .line = 每行应为：种类、编号、密钥
    .id = “{ $id }”不是密钥编号
    .base64 = 密钥 { $kind } { $id } 不是 base64
    .length = 密钥 { $kind } { $id } 应为 32 字节
    .damaged = 密钥 { $kind } { $id } 已损坏
    .kind = “{ $kind }”不是密钥种类
    .twice = 密钥 { $kind } { $id } 出现了两次
    .few = 至少须有 wrap、bind、sign 密钥各一个
KEY_LINE_MALFORMED = 每行应为 32 字节的 base64，以及生效或失效的时刻
    .none = 其中没有密钥
KEYS_OF_ANOTHER_STORE = 本进程的密钥不是写入 { $service } 数据时所用的密钥：请让 keys.directory 指向正确的文件夹，或从备份恢复 seal.key；数据未作任何更改，也没有生成新密钥。密钥确认无误后，可用 `tally audit verify` 检查日志是否被篡改
STORE_LOST = { $service } 的数据存储是空的，而 { $file } 表明其中曾有数据：请从备份恢复数据库（SQLite 则恢复其文件），或检查 { $setting } 是否指向了别处；数据未作任何更改。确需从头开始时，请先移走 { $file }
KEYS_PASSPHRASE_MISSING = 密钥文件 { $file } 受口令保护：请设置 TALLY_KEYS_PASSPHRASE，或用 TALLY_KEYS_PASSPHRASE_FILE 指明存放口令的文件
KEYS_PASSPHRASE_WRONG = 此口令打不开 { $file } 中的任何密钥：请检查 TALLY_KEYS_PASSPHRASE（或 TALLY_KEYS_PASSPHRASE_FILE 所指的文件）；如口令无误，则文件已损坏，请从备份恢复
KEYS_NOT_IN_A_FILE = 这些密钥只存在于本进程中，没有可更改的文件
KEY_ROTATES_ALREADY = { $service } 已有新密钥，自 { $from } 起签名，请等到那时

## The command line

SERVER_AWAY = { $server } 没有应答：服务是否已在那里启动？用 --server 指定地址。
CLIENT_FILE_UNREADABLE = 无法读取 { $file }：{ $why }。
CLIENT_FILE_WRONG = { $file } 中没有 PEM 格式的 { $block }。
SIGNED_IN_AS = 以 { $login } 的身份访问 { $server }（由 `tally login` 登录）
LOGIN_GOOD = 登录有效至 { $until }。之后的命令无需再给令牌与地址；其他程序请以 `authorization: Bearer ..` 发送令牌。
LOGIN_NOT_REMEMBERED = 无法将登录保存到 { $file }（{ $why }）：请用 --token-file 把令牌交给其他命令。
SIGN_IN_OVER = { $login } 的登录已过期，请重新运行 `tally login { $login }`。
SIGN_IN_FIRST = 没有令牌：请先运行 `tally login 用户名`，或用 --token-file 指定令牌文件，或从标准输入传入。

FOLDER_UNWRITABLE = 无法创建文件夹 { $path }：{ $cause }。请为本进程的用户创建它，或在 { $setting } 中指定其他文件夹

## 导入运行中的套件

PERSON_NOT_IN_SUITE = 套件中没有您可见的工号 { $number }：请先处理 people.csv 中该行被拒的原因，再重新导入
ACCOUNT_NOT_IN_SUITE = 套件中没有您可见的账号 { $label }：请先处理 accounts.csv 中该行被拒的原因，再重新导入
ROWS_OF_UNIT_REFUSED = 所属组织单元 { $unit } 已被拒
ROWS_OF_NUMBER_REFUSED = people.csv 中的工号 { $number } 已被拒：本行所指的可能不是套件中的那个人
ROWS_OF_ACCOUNT_REFUSED = accounts.csv 中的账号 { $label } 已被拒：本行所指的可能不是套件中的那个账号
ROWS_OF_RECORD_REFUSED = records.csv 中的记录 { $record } 已被拒：其消息所属的可能不是套件中的那条记录
NICKNAME_REFUSED = aliases.csv 中的别名 { $alias } 已被拒，而 { $number } 的这条记录可能正是用该别名标注客服
IMPORT_STOPPED = 本次运行已有 { $rows } 行在套件中，此前导入的也都保留：请重新运行同一命令，已导入的行会计为“已存在”
    .mend = 本次运行已有 { $rows } 行在套件中，此前导入的也都保留：请按所述改正后重新运行同一命令，已导入的行会计为“已存在”
IMPORT_SERVICE_AWAY = 无法连接服务 { $service }；没有任何丢失，本次运行已有 { $rows } 行在套件中，此前导入的也都保留：请在其恢复后重新运行同一命令，已导入的行会计为“已存在”
IMPORT_DAMAGED = 其中有些值在导出途中已经丢失，而套件从不覆盖已有内容，残缺的值会一直留在其中：{ $columns }
IMPORT_DAMAGED_COLUMN = 有 { $count } 行的 { $column } 被表格软件截短成了前几位（如 { $example }）
    .failed = 有 { $count } 行的 { $column } 是表格软件代替数值显示的错误（如 { $example }）
IMPORT_DAMAGED_CURE = 尚未写入任何内容：请将该列导出为文本（不含出错的公式）后重新导入；或在同一命令后加上 --accept-damaged，按现状写入这些行
IMPORT_HEADING = 导入结果（{ $from } 至 { $to }）
IMPORT_READ = 读取
IMPORT_REJECTED = 无法读取
IMPORT_LEFT_OUT = 合并或略去
IMPORT_WRITTEN = 新写入
IMPORT_REVISED = 新版本
IMPORT_UNCHANGED = 已存在
IMPORT_REFUSED = 被拒
IMPORT_CENSUS = 套件中您可见的数据
IMPORT_BEFORE = 导入前
IMPORT_AFTER = 导入后
IMPORT_UNITS = 组织单元
IMPORT_PEOPLE = 人员
IMPORT_ACCOUNTS = 客服账号
IMPORT_ALIASES = 别名
IMPORT_DEVICES = 设备
IMPORT_SHIFTS = 本期班次
IMPORT_SHIFT_HOURS = 班次小时数
IMPORT_PUNCHES = 本期打卡
IMPORT_HANDOVERS = 本期交接
IMPORT_RECORDS = 这些账号本期的服务记录
IMPORT_RECORD_HOURS = 记录小时数
IMPORT_AMOUNT = 记录销售额（最小货币单位）
IMPORT_CLAIMS = 这些账号本期的认领
IMPORT_REJECTED_ROWS = { $rows } 行无法读取；{ $file } 逐行写明改法。
IMPORT_REVISED_ROWS = { $rows } 行有了新版本，原有版本仍可查阅
IMPORT_REFUSED_ROWS = { $rows } 行未被套件接受；{ $file } 逐行写明原因。
IMPORT_NEEDS = 导入须由可读写组织单元、人员、出勤与服务记录的账号执行，例如具有角色 group_hr 的账号
## Fields of requests

ROW_INVALID = { $problems }
VALUE_MISSING = 必须填写
AT_MOST = 最大为 { $max }
NUMBER_FROM_TO = 应为 { $from } 至 { $to }
BEFORE_FROM = 不能早于 from
THROUGH_OR_NAMED = 用于查询全部组织单元：请将 unit_ids 留空，或不填此项
THROUGH_BEFORE = 是一段日期的最后一天：请在 as_of 中填写第一天，且不得晚于此日
NOT_AFTER_START = 必须晚于 start
CUT_OVER_MALFORMED = 请写 00:00 至 11:59 之间的 HH:MM

## Attendance

NEVER_EMPLOYED = 您还没有任职记录，无法确定归属：请联系人力资源部门。
PUNCH_REPEATED = 您在同一时刻已有打卡记录。
FACT_SUPERSEDED = 更正 { $id } 已改正此记录，此记录不再有效：请更正现在有效的记录
CORRECTION_WAITS = 同一记录已有更正 { $id } 待批准：请先批准、驳回或撤回
CORRECTION_NOT_WAITING = { $stage ->
    [approved] 该更正已批准
    [rejected] 该更正已被驳回：请重新申请
    [withdrawn] 该更正已撤回：请重新申请
   *[other] 该更正已生效
}
CORRECTION_OUTDATED = 提出申请之后，更正 { $id } 已改正此记录：请驳回本申请，并就现在有效的记录重新申请
    .gone = 提出申请之后，此记录已不再保存：请驳回本申请
OWN_CORRECTION = 不能批准或驳回关于自己记录的更正，须由他人办理
CORRECTION_OF_OTHERS = 只有申请人可以撤回更正：请改为驳回
PERIOD_PURGED = { $day } 之前的记录已不再保存，无法更正
    .cycle = { $day } 之前开始的期间所依据的 { $kind } 可能已有部分按保存期限删除，无法重新计算该周期：请在 Tally 之外处理差额
    .close = { $day } 之前开始的期间所依据的 { $kind } 可能已有部分按保存期限删除，缺少的内容会无声无息地漏算：请选择在 { $day } 或之后开始的期间，或先延长 { $kind } 的保存期限（SetRetention），再导入缺少的内容
    .row = { $day } 之前的记录已不再保存，而此行尚不存在：请去掉此行，或先延长 { $kind } 的保存期限（SetRetention）
    .named = { $name } 尚不存在，而 { $day } 之前的记录已不再保存：请去掉此行，或先延长 { $kind } 的保存期限（SetRetention）
ALREADY_DIFFERENT = { $why }：请先更正该记录
FACT_IN_FUTURE = 现在是 { $now }，尚未到 { $at }：打卡与交接只能在发生之后更正；如需预先安排，请发布班次
LATE_CHANGE_UNEXPLAINED = 该班次已开始：请说明现在变更的原因
CORRECTION_ACTION_EXPECTED = 应为 add（补录）、void（作废）或 move（改正）
ALIAS_DAY_OUTSIDE = 应在该别名指向此人的日期之内
DEVICE_DAY_OUTSIDE = 应在该设备属于此人或此座席的日期之内
DEVICE_OWNER_EXPECTED = 设备属于一个人（person_id）或一个座席（seat）：请只填写其中一项
HANDOVER_REPEATED = 同一时刻的这次交接已经记录。
PERSON_UNKNOWN = 没有人员 { $id }：请先导入人员，再导入其考勤
ACCOUNT_UNKNOWN = 没有账号 { $id }：请先导入账号
    .file = accounts.csv 中没有 { $account }{ $hint }
PLACE_REGION_UNKNOWN = 集团没有任何组织单元在区域 { $region }
PLACE_UNIT_UNKNOWN = 集团目前没有组织单元 { $unit }
PLACE_TEAM_NOT_UNIT = 团队 { $team } 与组织单元 { $unit } 不是同一个：请只保留其中一项
PLACE_REGION_OF_UNIT = 该组织单元在区域 { $is }，不在 { $said }：请不要填写区域
ACCOUNT_CONTRADICTS_ROW = { $key } 与本次调用中前面的行在 { $fields } 上不一致：账号的既有信息不再更改
ACCOUNT_CONTRADICTS_STORED = { $key } 与已有数据在 { $fields } 上不一致：账号的既有信息不再更改，只能增加之后日期的阶段
    .team = { $key } 与已有数据在 { $fields } 上不一致：该账号属于组织单元 { $unit }，而 { $team } 目前是另一个组织单元。请填写其所属组织单元目前的路径，或只填写 unit_id
    .closed = { $key } 与已有数据在 { $fields } 上不一致：该账号属于已关闭的组织单元 { $unit }，它目前没有路径，而 { $team } 是另一个组织单元。请只填写 unit_id，不要填写团队
ACCOUNT_OUT_OF_REACH = { $key } 超出您可以发送的范围：请去掉，或由有权限的人发送
FACT_OUT_OF_REACH = 该日此人超出您可以发送的范围：请由当时管理其团队的一方发送，或由集团发送
ALIAS_DIFFERENT = 该别名自同一日期起已存在，但人员（employee_no）与结束日期（to）均不同
    .person = 该别名自同一日期起已存在，但人员（employee_no）不同
    .end = 该别名自同一日期起已存在，但结束日期（to）不同
DEVICE_DIFFERENT = 该设备自同一日期起已归属同一人或座席，但结束日期（to）不同
SHIFT_CANCELLED = 此人在该账号自 { $start } 起的班次已取消，导入排班不会恢复它：如需重新安排，请变更班次 { $shift }（ChangeShift）
SHIFT_DIFFERENT = 此人在该账号自 { $start } 起的班次已存在，但结束时间不同
    .seat = 此人在该账号自 { $start } 起的班次已存在，但座席不同，或此前未注明座席
PUNCH_DIFFERENT = 此人在 { $at } 已有一次方向相反的打卡（kind）
HANDOVER_DIFFERENT = 在 { $at } 已记录由另一人办理（employee_no），而该账号同一时间只能由一人持有
    .kind = 此人在 { $at } 已记录相反的交接（kind）
SITE_DIFFERENT = 场所 { $name } 已存在，但时区、日切时间或区域不同
ALIAS_OVERLAP = 该别名在其中某些日期已指向他人：请先结束前一个，再开始后一个
SLASH_NOT_ALLOWED = 不能含有斜杠：平台、店铺和名称以斜杠连接
PHASES_MISSING = 至少填写一个阶段，说明账号如何使用
DIRECTION_EXPECTED = 请说明越高越好（higher）还是越低越好（lower）
NORMALISATION_EXPECTED = 请说明数值如何折算为得分：target_piecewise、min_max、percentile 或 t_score
PHASE_KIND_EXPECTED = 应为 shared（公用）、mixed（混用）或 named（实名）
PHASE_TWICE = 有两个阶段从同一日期开始
HANDOVER_KIND_EXPECTED = 应为 take（接手）或 release（交出）
PUNCH_KIND_EXPECTED = 应为 in（上班）或 out（下班）
SHIFT_TOO_LONG = 一个班次应短于 { $hours } 小时
PERIOD_TOO_LONG = 最长 { $days } 天
DUTY_VERSION_EXPECTED = 应为 1、2 或 3；0 表示最新版本

PUNCH_OF_SHIFT = 对应您 { $start } 开始的班次
PUNCH_CAME = 从现在起计为在岗
PUNCH_LEFT = 与 { $since } 的上班打卡配对
PUNCH_STILL_IN = { $since } 的上班打卡尚未下班：该时段到此结束，并开始新的时段
PUNCH_NOT_IN = 最近 { $hours } 小时内没有上班打卡：如系漏打，请申请补卡
PUNCH_NOT_PLANNED = 这个时间附近没有您的班次
PUNCH_DRIFT = 您的设备时钟与服务器相差 { $seconds } 秒，以服务器时间为准

DUTY_DOUBLE_IN = { $number } 在 { $at } 又有一次打卡计为上班，此前没有计为下班的打卡；前一时段到此结束
DUTY_IN_WITHOUT_OUT = { $number } 在 { $at } 打了上班卡，{ $hours } 小时内没有下班卡；该时段不计
DUTY_OUT_MAY_COME = { $number } 在 { $at } 的打卡计为上班，打卡记录到 { $last } 为止，其间没有计为下班的打卡；不构成在岗时段，且该工作日的班次只有被成对打卡覆盖的部分才计入
DUTY_LONE_IN = { $number } 在 { $at } 的打卡计为上班，{ $hours } 小时内没有计为下班的打卡；不构成在岗时段，且该工作日的班次只有被成对打卡覆盖的部分才计入
DUTY_LONE_OUT = { $number } 在 { $at } 的打卡计为下班，此前 { $hours } 小时内没有计为上班的打卡；不构成在岗时段，但该工作日的班次只有被成对打卡覆盖的部分才计入，未交出的账号也到此为止
DUTY_SHIFT_UNCOVERED = { $number } 排班在 { $account }（{ $start } 至 { $end } ），该工作日有打卡，但没有任何成对打卡覆盖这一班次；补齐打卡之前该班次不计
DUTY_SHIFT_BARELY_COVERED = { $number } 排班在 { $account }（{ $start } 至 { $end } ），该工作日有打卡，但{ $why ->
    [other] 涉及这一班次的打卡属于另一班次
   *[edge] 没有任何成对打卡覆盖这一班次的计划时段
}；补齐打卡之前，该班次至多计入边缘的 { $minutes } 分钟
DUTY_SHIFT_HELD_BY_OTHERS = { $number } 排班在 { $account }（{ $start } 至 { $end } ），但按交接记录，本应计入的时间内账号只由他人持有；该班次不计，若 { $number } 当时确在服务，请补上接手与交出记录
DUTY_OUT_WITHOUT_IN = { $number } 在 { $at } 打了下班卡，此前 { $hours } 小时内没有上班卡；该次打卡不计
DUTY_OUT_AFTER_CLOSED_IN = { $number } 在 { $at } 的打卡计为下班，但之前计为上班的打卡已与 { $out } 的打卡配对；不构成在岗时段，未交出的账号到此为止
# NOT_EMPLOYED
DUTY_SHIFT_NOT_EMPLOYED = { $number } 排班于 { $account }，自 { $start } 至 { $end }，但当时未在职：该班次不计；请改正排班或任职日期
DUTY_PUNCH_NOT_EMPLOYED = { $number } 在 { $at } 打卡，但当时未在职：不计入；请改正打卡或任职日期
DUTY_HOLD_NOT_EMPLOYED = { $number } 在 { $at } 接手 { $account }，但当时未在职：该持有不计；请改正交接记录或任职日期
DUTY_IN_AND_OUT_AT_ONCE = { $number } 在 { $at } 的打卡同时计为上班和下班；不计在岗
DUTY_NOBODY = { $account } 有考勤或交接记录，但本周期内无人在岗
DUTY_NO_EVIDENCE_V1 = { $account } 在本周期没有任何排班、打卡或交接记录：全部工作由整个团队分摊（{ $scope ->
    [all] 全体人员
   *[team] { $team }
}，{ $people } 人）；请发布排班或要求打卡
DUTY_NO_EVIDENCE = { $account } 在本周期没有任何排班、打卡或交接记录：整个团队视为在岗（{ $scope ->
    [all] 全体人员
   *[team] { $team }
}，{ $people } 人）；请发布排班或要求打卡
DUTY_RELEASE_WITHOUT_TAKE = { $number } 在 { $at } 交出 { $account }，但当时并未持有；该次交出不计
DUTY_NEVER_RELEASED = { $number } 在 { $since } 接手 { $account } 后一直没有交出；持有到 { $end } 为止，依据为{ $by ->
    [release] 交出
    [punch_out] 其后的下班打卡
    [roster] 排班结束
    [too_long] 最长持有时间
   *[taken_again] 再次接手
}
DUTY_NO_RELEASE_KNOWN = { $number } 在 { $since } 接手 { $account } ，此后没有交出记录；持有到 { $end } 为止，依据为{ $by ->
    [release] 交出
    [punch_out] 其后的下班打卡
    [roster] 排班结束
    [too_long] 最长持有时间
   *[taken_again] 再次接手
}
DUTY_TAKEN_AGAIN = { $number } 在 { $since } 接手 { $account }，未交出又在 { $again } 再次接手；持有到 { $end } 为止，依据为{ $by ->
    [release] 交出
    [punch_out] 其后的下班打卡
    [roster] 排班结束
    [too_long] 最长持有时间
   *[taken_again] 再次接手
}
DUTY_HELD_BY_TWO = { $first } 与 { $second } 在 { $from } 至 { $until } 同时持有 { $account }；{ $why ->
    [exclusive] 该账号同一时间只能由一人持有
   *[unreleased] 前者尚未交出
}

## What to do about findings

FINDING_ADVICE = { $kind ->
    [NO_DUTY_EVIDENCE] 请导入该账号的排班，或让相关人员打卡、交接，然后重新运行归因
    [UNHELD_ACCOUNT] 请补录当时服务该账号者的班次，或缺失的打卡、接手；属于其他账号的记录请移走（MoveRecord）
    [OVERLAP] 请为他人接手时已不再持有账号的一方补录交回（CorrectHandover）
    [MISSING_RELEASE] 请补录交回（CorrectHandover）
    [RELEASE_WITHOUT_TAKE] 请补录与该交回对应的接手，或作废该交回（CorrectHandover）
    [DOUBLE_IN] 请在第二次上班打卡之前补录下班打卡，或作废其中一次（CorrectPunch）
    [MISSING_PUNCH] 请补录缺失的打卡，或作废这次单独的打卡（CorrectPunch）
    [UNCOVERED_SHIFT] 请补录该班次的打卡（CorrectPunch）；若无人到岗，请取消该班次（CancelShift）
    [BARELY_COVERED_SHIFT] 请补录该班次缺失的打卡（CorrectPunch），或修改班次时间（ChangeShift）
    [HELD_BY_OTHERS] 请为按排班服务者补录接手和交回（CorrectHandover），或取消该班次（CancelShift）
    [NOT_EMPLOYED] 请更正排班、打卡或交接，或更正任职日期（ChangeEmployment）
    [TAG_OFF_DUTY] 请补录记录所指人员的班次或打卡，或将记录移至其所属账号（MoveRecord），或以更高的修订号重新发送正确的姓名
    [NAMED_WITHOUT_AGENT] 请以更高的修订号重新发送带有客服姓名的记录
    [MIXED_WITHOUT_TAG] 请以更高的修订号重新发送带有客服姓名的记录，或仍按排班处理
    [TOO_FEW_TO_INFER] 无需处理；交接或记录中的姓名能更准确地说明由谁服务
    [DID_NOT_SETTLE] 无需处理；交接能更准确地说明由谁服务
    [SEVERAL_AT_ONCE] 请提供回复时间，或让客服认领会话；记录中的姓名也能更准确地说明由谁服务
    [TOO_FEW_REPLIES] 数据量小的月份无需处理；记录中的姓名或认领能更准确地说明由谁服务
    [REPLIES_TOO_DENSE] 请让至少一成的记录注明客服、点击认领（MakeClaim）或在已登记的设备上回复（ImportDevices），并为休息打卡
    [EVIDENCE_UNEVEN] 请让该账号的所有人同样点击认领（MakeClaim）、署名或在已登记的设备上回复（ImportDevices）
    [CLOCK_WITHOUT_SECONDS] 请导出带秒的回复时间
    [CLAIM_OFF_DUTY] 请核对是谁点击的，以及当日的打卡和排班
    [CLAIM_WITHOUT_RECORD] 请核对该记录是否已发送，以及认领的时钟
    [CLAIMS_DIFFER] 请询问当事人由谁服务，并在记录中写明客服
    [DEVICE_OFF_DUTY] 请核对设备归属，以及当日的打卡和排班
    [DEVICE_OF_SEVERAL] 请写明设备在各时段属于谁
    [DEVICE_OF_NOBODY] 请按记录所写的名称登记设备当日属于谁（ImportDevices），或为其座席排班
    [EVIDENCE_NOT_READ] 请使用读取这些依据的政策版本 3，或不写版本（即用最新版本）；也可不变，该期间则不以此归属
    [REPLY_OUTSIDE_RECORD] 请核对该记录的起止时间和回复的时钟
    [BREAKS_NOT_PUNCHED] 请让员工在休息前打下班卡、休息后再打上班卡（RecordPunch），或交接账号
    [CLOCKS_APART] 请校准该工位的时钟；若需按正确时间留存，请重新导出其消息
    [UNKNOWN_AGENT] 请说明该名称属于谁（ImportAliases），或以正确的名称重新发送记录
    [ACCOUNT_UNKNOWN] 请导入该账号（ImportAccounts），或将记录移至其所属账号（MoveRecord）
    [POPULATION_CHANGED] 请重新结账，除非仍以原先的人员为准（CloseCycle）
    [AMOUNTS_CONVERTED] 无需处理；如汇率有误，请设置正确的汇率（SetRates），然后重新运行归因
    [MEASURE_NOT_SENT] 请发送句中所指的数据，或从方案中去掉该指标
    [OBSERVATIONS_BEYOND_PERIOD] 请撤回该观测值（WithdrawObservation），并按期间拆分后重新发送，或结一个包含其全部日期的期间
    [OBSERVATIONS_UNREAD] 请以正确的名称重新发送并撤回这些观测值（WithdrawObservation），或让某个方案使用该度量；如留待以后使用，无需处理
    [REFUND_EXCEEDS_SALE] 请以更高的修订号重新发送金额正确的退款，或撤回该退款（WithdrawRecord）；如退款无误，请以更高的修订号重新发送销售金额正确的原记录
    [CONTRIBUTOR_UNKNOWN] 请说明该名称属于谁（ImportAliases），或以更高的修订号重新发送正确的协作者
    [CONTRIBUTOR_OFF_DUTY] 如确在本人班次之外协助，无需处理；否则请补录班次或打卡，或以更高的修订号重新发送正确的协作者
    [CONTRIBUTORS_NOT_SPLIT] 如需分摊此类记录，请选用带有分摊规则的归因政策；否则可不处理：协作者已保存
    [STANDARD_WITHDRAWN] 请为方案编写一个遵循在用标准的新版本（ListRefinements 会说明哪些适用），再用它新建并结账，或据此更正已发布的考核周期（CorrectCycle）；若该月仍应按原标准考核，则无需处理
   *[other] 请查看所指内容，如有错误请更正，然后重新运行归因
}
FIX_REFUSED = 修正未被接受：{ $why }
FINDING_WITHOUT_FIX = 没有单个调用能修正 { $kind } 类的发现：请按其建议处理

## Performance

CYCLE_CLOSING = 考核周期正在结账：请查看进度，或先取消结账。
CYCLE_PUBLISHED = 考核周期已发布，不再变动：如结果有误，请用 CorrectCycle 更正
CYCLE_NOT_CLOSING = 考核周期没有在结账，无需取消。
CYCLE_NOT_REVIEWABLE = 考核周期没有可发布的结果：请先结账。
CYCLE_WITHOUT_RESULT = 考核周期还没有结果：请先结账，等到可以复核后再查看。
PERIOD_WITHOUT_RECORDS = { $from } 至 { $to } 之间没有任何账号的服务记录：请导入这些日期的记录，或另建其他日期的考核周期
    .part = { $from } 至 { $to } 之间，本单元的账号以及本单元人员服务过的账号都没有服务记录：请导入这些日期的记录；若记录已存在，请让账号指明其在本单元的团队，并改正服务人员的任职；若其团队已转到其他单元，则由该单元结账
NOBODY_CREDITED = { $records } 条记录都无法归属到人：请导入该期间的排班、打卡或交接记录后重新结账
    .unemployed = { $records } 条记录都无法归属到人，因为 { $from } 至 { $to } 期间没有任何在职人员：请改正任职日期或期间后重新结账
    .elsewhere = 考核范围内没有人分得任何记录：归属运行读取的 { $records } 条记录中有 { $elsewhere } 条归属于范围之外的人员。请查看谁在范围内及原因（PreviewPopulation），并改正任职，或记录所依据的账号、客服或排班，然后重新结账
CYCLE_REFUSED = 无法结账：{ $message }
CYCLE_GIVEN_UP = 多次尝试后仍未能完成（{ $reason }）：请重新结账；若再次失败，请联系运维人员
STEP_QUEUED = 等待处理
STEP_COLLECTING = 正在收集人员、账号与在岗情况
STEP_ATTRIBUTING = 正在把服务记录归属到人
STEP_SCORING = 正在生成成绩单
RUN_RESTS = 归属运行已经结束，没有可停止的
RUN_NOT_DONE = 归属运行没有结果：请等它完成，或另起一次运行
RUN_DIFFERS = 归属运行的日期或规则与考核周期不同：请指定相同的运行，或不指定，由系统新起一次
RUN_COVERS_PART = 这次归属运行只涉及部分账号或组织单元，没有覆盖考核周期的全部：请指定覆盖该周期所属单元或其上级的运行，或不指定，由系统新起一次
    .moved = 按 { $day }（as_of）属于本考核周期的人员中，有 { $people } 人到 { $last } 已连同其服务的账号转到其他单元：请由权限覆盖 { $unit } 的人为该单元发起归属运行（StartAttributionRun），再指定它（attribution_run_id），或以最后一天作为 as_of
    .moved_group = 按 { $day }（as_of）属于本考核周期的人员中，有 { $people } 人到 { $last } 已连同其服务的账号转到其他单元：请由集团人力为全集团发起归属运行（StartAttributionRun），再指定它（attribution_run_id），或以最后一天作为 as_of
RUN_AWAITED = 有考核周期正在用这次归属运行结账：请改为取消该周期的结账
RUN_OUTDATED = { $account } 的服务记录在归属运行读取之后有改动，而方案要读取该运行没有汇总的列：请另起一次归属运行，或结账时不指定运行
RUN_WITHOUT_RATES = 方案指定了币种，而这次归属运行早于系统保存汇率：请结账时不指定运行，或另起一次归属运行
    .on = { $account } 在 { $day } 的记录 { $record } 以其他币种计价，而这次归属运行没有保存当日汇率（发起时所用及在用的方案都不回溯到该日）：请结账时不指定运行，或另起一次归属运行
RUN_STOPPED = 归属运行已被停止：请重新结账
RUN_BELONGS_ABOVE = { $own ->
    [0] 本单元人员服务了{ $units ->
        [0] 其他单元
       *[other]  { $beyond } 
    }的账号
   *[other] { $units ->
        [0] 其他单元
       *[other] { $beyond } 
    }的人员也服务同一批账号（{ $accounts }）
}，共同服务的须一起归属：请由权限覆盖 { $unit } 的人为该单元发起归属运行（StartAttributionRun），再用它结账（CloseCycle 的 attribution_run_id）
    .group = { $own ->
        [0] 本单元人员服务了{ $units ->
            [0] 其他单元
           *[other]  { $beyond } 
        }的账号
       *[other] { $units ->
            [0] 其他单元
           *[other] { $beyond } 
        }的人员也服务同一批账号（{ $accounts }）
    }，共同服务的须一起归属：请由集团人力为全集团发起归属运行（StartAttributionRun，不填单元），再用它结账（CloseCycle 的 attribution_run_id）
SCHEME_OF_ANOTHER_UNIT = 该考核方案属于另一个单元：请选用集团、本单元或上级单元的方案
POPULATION_EMPTY = 考核周期中没有任何人：请用 PreviewPopulation 查看谁在内、谁不在内，并改选单元、岗位、职级或人员
POPULATION_UNIT_BEYOND = { $unit } 在该日不是周期所属单元或其下级
POPULATION_PERSON_BEYOND = { $person } 在该日不属于周期所属单元或其下级
POPULATION_PERSON_UNKNOWN = 集团中没有编号为 { $person } 的人员：请用 ListPeople 查找编号
POPULATION_AS_OF_OUTSIDE = { $day } 不在周期之内：请填写 { $from } 至 { $to } 之间的日期，或留空，则以 { $to } 为准
STANDARD_WITHDRAWN = 方案“{ $scheme }”细化的是标准“{ $standard }”的第 { $version } 版，该版自 { $from } 起停用：本周期仍按其评分
    .instead = 方案“{ $scheme }”细化的是标准“{ $standard }”的第 { $version } 版，该版自 { $from } 起停用，应改用第 { $instead } 版：本周期仍按其评分
POPULATION_CHANGED = 结账期间进入或离开了考核人群
    .came = 现在属于考核人群，但开始结账时不属于，没有成绩单：如要纳入请重新结账
    .left = 开始结账时属于考核人群，现在已不属于，但有成绩单：如要排除请重新结账
CYCLE_OR_RUN = 请指定考核周期或归属运行之一，不要两者都指定
RUN_GONE = 本次结账已取消
WORKER_GONE = 处理进程已退出
TIME_OF_DAY_MALFORMED = “{ $text }”不是时刻：请写作 04:00
RULES_VERSION_UNKNOWN = 没有版本“{ $version }”的规则：请写 1、2 或 3
RULES_VERSION_DIFFERS = 请留空，或与 policy.version 一致，写 { $version }
ACCOUNT_ELSEWHERE = 账号 { $account } 在区域 { $region }，{ $unit ->
    [none] 不属于任何组织单元
   *[other] 属于组织单元 { $unit }
}：请按此填写。

EXTERNAL_ID_MISSING = external_id 为空：请填写平台自己的记录编号
RECORD_TEXT_TOO_LONG = { $field } 过长：最多 { $max } 个字符
MEASURE_TOO_LONG = 指标文本过长：最多 { $max } 个字符
MEASURES_TOO_MANY = 指标过多：最多 { $max } 个
RECORD_TIME_MISSING = { $field } 缺失或不是时间
INTERVAL_BACKWARDS = 结束时间 { $ended } 早于开始时间 { $started }：请更正其中之一
RECORD_TIME_IMPLAUSIBLE = { $field } 不在 { $first } 至 { $last } 年之间：请检查年份
INTERVAL_TOO_LONG = 从 { $started } 持续到 { $ended }，而记录不会超过 { $days } 天：请改正日期
AMOUNT_OUT_OF_RANGE = 金额超过 { $most }（最小单位）：请检查单位
REPLY_OUT_OF_RANGE = 首次回复超过 { $most } 秒：请检查单位，或留空
MEASURE_OUT_OF_RANGE = 指标“{ $name }”的小数点前超过 { $digits } 位：请检查单位
AMOUNT_NEGATIVE = 金额为负：请在 refers_to 中填写所退款的记录
REFUND_TAKES_NOTHING = 填写了 refers_to 即为退款，但金额不为负：请以负数填写退款金额，或将 refers_to 留空
REFERS_TO_NOTHING = { $id } 所指的 { $other } 不是本账号的记录：请先发送该记录，或在同一次请求中一并发送
REFERS_TO_REFUND = { $id } 所指的 { $other } 本身是退款：请填写实际接待的记录
REFERENCE_FIXED = { $id } 已存在，且所指的记录不同：请先撤回，再以新的编号发送退款
REPLY_RECORD_UNKNOWN = 该账号上没有记录 { $id }，或该记录的日期超出您可以导入的范围：请先导入该记录，或更正其编号或账号
    .account = { $account } 不是账号的标识：请按列表中给出的标识填写
REPLIES_MISSING = { $id } 没有任何消息：请至少发送一条，或去掉此行
REPLY_SIDE_MISSING = 缺少 by：请说明消息由客服还是顾客发出
REPLIES_TOO_MANY = { $id } 将有 { $count } 条消息，而一条记录最多 { $most } 条：请检查同一编号是否代表多个会话
    .import = 一次最多 { $most } 条消息，本次为 { $count } 条：请分多次发送
CLAIM_NAMES_BOTH = 同时填写了记录和顾客：请只填其一；两者都不填则认领该账号上的下一条记录
CLAIM_OUT_OF_REACH = 账号 { $account } 的认领超出您可以发送的范围：请去掉，或由有权限的人发送
CLAIM_WITHDRAWN = { $at } 的认领已被撤回（{ $why }）：请去掉
OBSERVATION_OUT_OF_REACH = { $name } 超出您可以发送的范围：请去掉，或由有权限的人发送
CONTRIBUTORS_MALFORMED = contributors：“{ $text }”不是协作者：请填写角色和工号或昵称，不含分号
    .role = contributors：“{ $text }”不是协作者的角色：请使用 first_answer（首次应答）、closer（成交）或 after_sales（售后）
    .twice = contributors：{ $text } 出现了两次：同一角色中每位协作者只写一次
    .many = contributors：一条记录最多有 { $max } 位协作者
SPLIT_NOT_WHOLE = 各部分之和为百万分之 { $sum }，而不是 1000000：请填写各角色的份额，使其恰为一条完整的记录
RECORD_CURRENCY_UNKNOWN = “{ $code }”不是 ISO 4217 货币代码：请填写如 JPY，或留空表示集团货币
REVISION_OUT_OF_RANGE = 修订号 { $revision } 超过 { $most }：请发送较小的修订号
REVISION_TWICE = 同时填写了 revision 和 revised_at：请只填写其中一个
REVISION_STALE = { $id } 已存在修订号 { $there }，比 { $sent } 更新：若此行才正确，请以更高的修订号发送
    .unsaid = { $id } 已存在修订号 { $there }，而此行未填写：若此行才正确，请以更高的修订号发送
RECORD_WITHDRAWN = { $id } 已被撤回（{ $why }）：请不要再发送，或以更高的修订号恢复
    .already = { $id } 已撤回（{ $why }）：无需再做处理
RECORD_MOVED = { $id } 已移至其他账号（{ $why }）：请发送到该账号
    .already = { $id } 已移至其他账号（{ $why }）：ListRecordVersions 会说明移至何处；若账号无误，则无需再做处理
RECORD_OUT_OF_REACH = { $id } 超出您可以导入的日期范围：请由当天拥有该账号团队的一方或集团导入
RATING_OUT_OF_RANGE = 评分 { $rating }（千分之一）超过十分
MEASURE_MALFORMED = 指标“{ $name }”须有不重复的名称，并且只填一个小数或一段文本
ROWS_CONTRADICT = 本次请求中有多行为 { $id } 而内容不同：请只发送正确的一行
ID_WITH_UNSEEN = { $field } 含有看不见的字符 { $character }：请删除
    .here = 含有看不见的字符 { $character }：请删除
DIFFERENT_CONTENT = { $id } 已存在但内容不同（{ $columns }）：若此行才正确，请以更高的修订号发送
COLUMN_DIFFERS = { $column }：已有 { $there }，此处 { $here }
    .hidden = { $column }
NO_VALUE_THERE = 无

MOVED_TO_ITSELF = 记录本来就在此账号：请填写它应属的账号
RECORD_REFERRED_TO = 退款 { $refund } 指向 { $id }：请先撤回该退款
REFUND_MOVES_WITH_RECORD = { $id } 是 { $other } 的退款：请移动该记录，其退款会一并移动
RECORD_THERE_ALREADY = 目标账号已有或曾有另一条记录 { $id }：不会覆盖任何数据，请撤回错误的一条
RECORD_RATE_MISSING = { $account } 的记录 { $record } 以 { $currency } 计价，而这次归属运行早于系统保存汇率：请结账时不指定运行，或另起一次归属运行
    .on = { $account } 的记录 { $record } 以 { $from } 计价，而 { $day } 没有 { $from } 与 { $to } 之间的汇率：请设置自该日或更早日期起的汇率（SetRates，并注明来源）；若考核周期已发布，请再次更正，否则请重新结账：不指定归属运行，或指定此后新起的运行，因为此前的运行保留它原有的汇率
    .look = { $account } 自 { $day } 起有以 { $from } 计价的销售，而届时没有 { $from } 与 { $to } 之间的汇率：请设置自该日或更早日期起的汇率（SetRates，并注明来源）
RECORD_ELSEWHERE = 有一条不属于本单元账号的记录无法计算（{ $why }）：请由集团对同一期间结账，届时会指明该记录；更正后，请不指定归属运行、或用更正之后新发起的归属运行重新结账：此前的归属运行保留其读取时的记录与汇率
RECORD_AMOUNT_TOO_LARGE = { $account } 的记录 { $record } 的金额折合 { $to } 超过 { $most } 个最小货币单位，超出可计算的范围：请更正金额或当日汇率，再重新结账

SCHEDULE_UNIT_STAYS = 定时结账的单元不能更改：其他单元请另建一个
SCHEDULE_AS_OF = 定时结账每月按当月最后一天确定人员：请不要填写日期
SCHEDULE_DAY = { $day } 不是一个月中的日期：请填写 1 至 31；当月没有该日时取最后一天
SCHEDULE_DELAY = 预览与结账之间最多等待 { $most } 分钟
    .dry = 先预览的定时结账须填写多少分钟后结账（1 至 { $most }）；不预览的填写 0
SCHEDULE_RUN_CLOSES = 正在结账：请改为取消考核周期的结账
SCHEDULE_RUN_ENDED = 该次运行已结束：没有可停止的
SCHEDULE_MONTH_THERE = 该月已开始：运行失败或被停止后才能重新开始
SCHEDULE_MONTH_NOT_OVER = 在该定时结账的时区内，该月尚未结束：请在结束后开始
SCHEDULE_THERE = 已有内容相同的定时结账 { $schedule }，每月会结账两次：请修改它（UpdateSchedule）；若确有此意，请为本次另取名称
SCHEDULE_MAKER_MAY_NOT = 最后编写该定时结账的人已无权在此建立并结账考核周期：请由有权限的人重新编写（UpdateSchedule），并手工开始本月（BeginScheduleRun）

SCHEDULE_BEGAN = { $month } 已开始，应于 { $due } 开始
SCHEDULE_LEFT_OUT = 更早的 { $months } 个月错过已超过 { $most } 个月，不会自动结账：如需要请手工结账
SCHEDULE_LOOKED = 预览：{ $people } 人在内，{ $accounts } 个账号，当月前后 { $records } 条记录，{ $findings ->
    [0] 没有异常
   *[other] { $findings } 条异常（{ $kinds }）
}
    .everybody = 预览：集团全体人员在内，{ $accounts } 个账号，当月前后 { $records } 条记录，{ $findings ->
        [0] 没有异常
       *[other] { $findings } 条异常（{ $kinds }）
    }
SCHEDULE_WAITS = { $until } 之前不会结账：如需先更正，请停止该次运行
SCHEDULE_WOULD_FAIL = 按目前情况，届时将无法结账：{ $why }；在此之前补齐即可
SCHEDULE_MAY_FAIL = 按目前情况，如果本单元有人因此记录获得归属，届时将无法结账：{ $why }；在此之前补齐即可
SCHEDULE_AWAITS_RUN = 正在等待 { $from } 至 { $to } 覆盖本单元或其上级、并在这些日期结束之后开始的归属运行：请在上级发起归属运行（StartAttributionRun），或在上级结账
    .early = 正在等待 { $from } 至 { $to } 覆盖本单元或其上级的归属运行：最新的 { $run } 在这些日期结束之前就已开始，请在上级另起一次（StartAttributionRun）
    .differs = 正在等待 { $from } 至 { $to } 覆盖本单元或其上级的归属运行：最新的 { $run } 的规则与本定时结账不同，请按本定时结账的规则发起（StartAttributionRun），或修改定时结账（UpdateSchedule）
    .part = 正在等待 { $from } 至 { $to } 覆盖本单元或其上级的归属运行：最新的 { $run } 只涉及结账内容的一部分，请发起覆盖全部的归属运行（StartAttributionRun）
SCHEDULE_SCORES_FROM = 使用归属运行 { $run } 评分
SCHEDULE_CLOSES = 已建立考核周期 { $cycle } 并开始结账
    .again = 对上次未能结账的考核周期 { $cycle } 重新结账
SCHEDULE_DONE = 已结账：{ $people } 人有成绩卡，{ $records } 条记录中 { $nobody } 条不归属任何人，{ $findings } 条异常；请核对，无误后发布
SCHEDULE_FAILED = 未能结账：{ $why }
SCHEDULE_AGAIN = 已手工重新开始
SCHEDULE_STOPPED = 已手工停止
SCHEDULE_DELETED = 因定时结账已删除而停止
SCHEDULE_CYCLE_CANCELLED = 考核周期的结账已被取消

OBSERVATION_WITHOUT_MEASURE = measure 为空：请填写考核方案中使用的指标名称
OBSERVATION_WITHOUT_SUBJECT = 未说明观测对象：请填写人员、组织单元、账号、店铺或活动
    .id = { $kind ->
        [person] 人员
        [unit] 组织单元
       *[account] 账号
    } 的标识格式不正确：请按列表中给出的标识填写
OBSERVATION_SUBJECT_UNKNOWN = { $kind ->
    [person] 没有人员 { $key }：请更正，或先导入该人员
    [unit] 组织单元 { $key } 在这些日期和今天都不存在，也从未有人在其中任职：请更正组织单元；如果它在这些日期之前已关闭，请更正日期；或先导入该组织单元
    [account] 没有账号 { $key }：请更正，或先导入该账号
   *[store] 没有属于该店铺的账号：{ $key }：请更正，或先导入该店铺的账号
}
OBSERVATION_UNIT_CLOSED = 组织单元 { $unit } 已关闭，最后一天是 { $last }：请让日期止于该日，或更正组织单元
    .into = 组织单元 { $unit } 已关闭，最后一天是 { $last }，其人员转入 { $into }：请让日期止于该日，此后的观测请以后者为对象发送
    .later = 组织单元 { $unit } 从 { $from } 才开始：请更正日期或组织单元
OBSERVATION_RESERVED = “{ $measure }”由系统自行统计：请不要发送，或为该指标另取名称
OBSERVATION_UNIT_NOT_HERE = unit_id 只用于说明活动由谁负责，而此行的对象是{ $kind ->
    [person] 人员
    [unit] 组织单元
    [account] 账号
   *[store] 店铺
}：请留空
OBSERVATION_WITHOUT_TIME = 须填写时刻（at），或首日以及（多于一天时）末日（from、to）：请二者填其一
    .date = { $field } 不是日期：请写成 2026-03-31
OBSERVATION_BACKWARDS = 结束于 { $to }，早于开始 { $from }：请更正其中之一
OBSERVATION_TOO_LONG = 涉及 { $from } 至 { $to }，而一条观测最多涉及 { $most } 天：请更正日期
OBSERVATION_TIME_IMPLAUSIBLE = { $field } 不在 { $first } 至 { $last } 年之间：请检查年份
OBSERVATION_WITHOUT_NUMBER = “{ $text }”不是最多六位小数的数字：请更正
OBSERVATION_OUT_OF_RANGE = 数值的绝对值超过 { $most }：请检查单位
OBSERVATION_DIFFERENT = { $name } 已存在，来自 { $source } 的数值为 { $other }，而此处来自 { $of } 的数值为 { $value }：若此行才正确，请以更高的修订号发送
OBSERVATION_WITHDRAWN = { $name } 已被撤回（{ $why }）：请不要再发送，或以更高的修订号恢复

SCHEME_WITHOUT_INDICATORS = 至少需要一个指标
NAME_TWICE = “{ $name }”出现了两次
WEIGHTS_NOT_HUNDRED = 权重之和为 { $sum }，不是 100：请调整到恰好为 100
WEIGHT_NOT_POSITIVE = { $weight } 不大于零：请去掉该指标
MEASURE_TOO_LARGE = { $account } 的记录 { $record } 的指标“{ $column }”为 { $value }，超出可计算的范围（正负均不超过 9000000000000）：请更正该记录，或从考核方案中去掉这一指标
    .row = { $text } 过大，无法计算：正负均不超过 { $most }
MEASURE_TOO_LARGE_CURE = 请更正该数字，或从 scheme.yaml 中去掉衡量该列的指标
MEASURE_UNKNOWN = “{ $measure }”既不是内置指标（credited_records、first_reply_within_30s、resolved、rating_at_least_4、amount），也不是记录中的数值列
BOUNDS_OF_NOTHING = 方案中没有指标“{ $kpi }”：请填写方案自己的指标的键
BOUNDS_BACKWARDS = 下限 { $min } 高于上限 { $max }：请对调
BOUNDS_WITHOUT_OWN = 方案自身为 { $own }，不在 { $min } 至 { $max } 之间：请放宽范围以包含它
BOUNDS_EXTRA = { $most } 不在 0 与 100 之间
REFINED_BEYOND = { $value } 超出标准“{ $standard }”允许的范围：{ $min } 至 { $max }
    .target = 标准“{ $standard }”允许 { $min } 至 { $max } 之间的数字
REFINED_FIXED = 标准“{ $standard }”对此已作规定：请照其填写
    .value = 标准“{ $standard }”规定为 { $fixed }，而不是 { $value }
REFINED_DEFINITION = 标准“{ $standard }”规定了“{ $measure }”的定义：请原样照抄
    .column = 标准“{ $standard }”的“{ $measure }”取自同名列：请为该定义另取名称
    .extra = 标准“{ $standard }”允许的“{ $measure }”以指标目录中的定义为准：请去掉这一定义，系统会从目录照抄
REFINED_MEASURE = 标准“{ $standard }”的“{ $kpi }”衡量的是 { $measure }：请照此衡量，或为这一指标另取一个键
WEIGHT_BOUND_TWICE = weight（范围）与 weight_within（上下浮动）只能填写一个
WEIGHT_BOUND_BELOW_0 = 上下浮动的幅度请填写 0 或以上的数
WEIGHT_BOUND_TOO_LARGE = 超出可计算的范围：最多填 100
REFINED_LEFT_OUT = 缺少“{ $kpi }”，标准“{ $standard }”不允许去掉它
REFINED_EXTRA = “{ $kpi }”不是标准“{ $standard }”的指标，该标准不允许增加指标
REFINED_EXTRA_MEASURE = “{ $measure }”不在标准“{ $standard }”允许增加的指标所能衡量的范围内：{ $measures }
REFINED_EXTRA_SHARE = 标准“{ $standard }”以外的指标权重合计 { $sum }，最多允许 { $most }
SCHEME_PARENT_NOT_ABOVE = 方案只能细化集团或上级单元的方案：请指定这样的方案，或不指定
SCHEME_WITHDRAWN = 方案“{ $name }”自 { $from } 起停用：请改用其他方案，或以其他名称编写
    .version = “{ $name }”的第 { $version } 版自 { $from } 起停用：请改用其他版本
    .version_none = “{ $name }”的第 { $version } 版自 { $from } 起停用，届时也没有其他在用的版本：请改用其他方案，或编写新版本
    .version_for = “{ $name }”的第 { $version } 版自 { $from } 起停用：请改用第 { $instead } 版
    .parent = 该方案所细化的“{ $name }”版本自 { $from } 起已停用：请改为细化其他版本或其他方案
    .parent_none = 该方案所细化的“{ $name }”版本自 { $from } 起已停用，其他版本也都已停用：请改为细化其他方案，或不细化
    .parent_for = 该方案所细化的“{ $name }”版本自 { $from } 起已停用：请改为细化第 { $version } 版
SCHEME_WITHDRAWN_ALREADY = 已自 { $from } 起停用
SCHEME_NOT_INSTEAD = 第 { $version } 版不能用来代替：请指定该方案另一个在用的版本，且仅在停用单个版本时指定
SCHEME_IMPORTED = 该方案来自 { $region }，在那里编写：请在那里修改后重新导入文件
SCHEME_OF_A_UNIT = 该方案属于某个单元，留在其区域内：请导出集团的方案
STANDARD_DIFFERS = “{ $name }”的第 { $version } 版在此处内容不同：版本从不更改，请向编写它的系统核实哪个正确
    .withdrawal = “{ $name }”在此处的停用日期不同：请向编写它的系统核实哪个正确
STANDARD_NOT_FROM = 该方案不是由区域 { $region } 的系统编写：请导入编写它的系统的文件
SCHEME_NAME_TAKEN = 此处集团已有名为“{ $name }”的另一方案：请在编写处为该标准另取名称
SCHEME_NAME_UNKNOWN = 此处集团没有名为“{ $name }”的方案：可用 ListSchemes 查看名称
STANDARD_IMPORTED = { $region } 的“{ $name }”：最新为第 { $version } 版，新增 { $written } 个版本，{ $unchanged } 个不变
STANDARD_MANDATORY = 该方案必须细化此处强制执行的标准：{ $standards }。请把它指定为上级方案
TARGET_MISSING = 须填写一个数值或 team_median
TARGET_NOT_POSITIVE = { $target } 不大于零
FLOOR_NOT_BELOW_CAP = 保底 { $floor } 不低于封顶 { $cap }
SMALL_SAMPLE_NOT_HERE = 只有比率和均值可以向平均水平靠拢
QUOTAS_NOT_WHOLE = 配额之和须恰好为 1000000（百万分之一）
BANDS_OUT_OF_ORDER = 请从最好的档写起，较差的档分数不能更高
BANDS_NOT_HERE = 只有 forced_distribution 才有分布档
GRADES_OUT_OF_ORDER = 请从最好的等级写起，min_score 逐级降低
GRADES_MIXED = 请为每个等级都填写 min_score，或都填写配额
MEASURE_OF_EXPECTED = 须指明该指标值的来源：record、observation、ratio、sum、repeat、trend 或 team
AGGREGATION_EXPECTED = 须指明各值如何汇总为一个，且为本版本支持的汇总方式
OBSERVED_OF_EXPECTED = 须指明观测的对象：个人、单元、账号、店铺或活动
MEASURES_DEFINED_TOO_MANY = 一个方案最多定义 { $most } 个指标值：请去掉没有指标使用的定义
MEASURE_BUILT_IN = “{ $name }”是内置指标：请为该定义另取名称
MEASURE_VALID_BACKWARDS = 首日 { $from } 晚于末日 { $to }：请对调
MEASURE_VALUE_MISSING = 须指明记录的取值：first_reply_seconds、duration_seconds、resolved、rating、amount 或某个数值列
MEASURE_OF_RESOLVED = resolved 只有是与否：请取其占比，或统计记录数
MEASURE_COLUMN_UNKNOWN = “{ $column }”不是记录中的数值列
MEASURE_TEST_MISSING = 须填写阈值：at_most、at_least、below、above 或 equal
MEASURE_TEST_NOT_HERE = 阈值只用于占比，或按取值统计的记录数、客户数：请去掉
MEASURE_HOURS_EMPTY = 起止时刻相同：全天计算请去掉时段
MEASURE_HOURS_NOT_HERE = 只有 first_reply_seconds 或 duration_seconds 的秒数可以只计时段之内：请改为统计在时段内开始的记录
MEASURE_SESSION_TOO_LONG = 同一会话的间隔最多 { $most } 分钟
MEASURE_SESSION_NOT_HERE = 求和取每条记录，客户本来只计一次：请去掉会话窗口
MEASURE_ADDS_NOT_UP = “{ $measure }”既非计数也非求和，不能用作除数或被除数：请指定可以累加的指标值
MEASURE_SUM_EMPTY = 至少须有一个被加的指标值
MEASURE_FACTOR_ZERO = 系数为 0 等于不计：请去掉该项
MEASURE_COUNT_EXPECTED = “{ $measure }”不是本方案定义的记录计数：重复只在记录中查找
MEASURE_DAYS_BEYOND = 重复的查找范围为 1 至 { $most } 天
MEASURE_PART_UNKNOWN = “{ $measure }”既未在方案中定义，也不是内置指标：请一并定义，或改正名称
MEASURE_OF_ITSELF = “{ $measure }”由其自身计算得出：请从其组成中去掉
MEASURE_NAME_RESERVED = 以“{ $prefix }”开头的名称属于所有人都有的指标：请另取名称
MEASURE_NAME_TAKEN = 已有名为“{ $name }”的指标：请修改该指标，或另取名称
MEASURE_NAME_FIXED = 该指标名为“{ $name }”，名称不可更改：请以新名称另行定义，并停用此指标
MEASURE_RETIRED = 指标目录中已停用：{ $measures }。请改用其他指标，在方案内自行定义同名指标，或重新启用（UpdateMeasure）
MEASURE_RETIRED_ALREADY = “{ $name }”已停用
MEASURE_NEEDED = 指标目录中还有指标由“{ $name }”计算得出，修改后将不再成立：请先修改或停用 { $by }
SUPPLIED_MEASURE = { $key ->
    [first_reply_seconds] 首次响应秒数
    [presale_first_reply_within_30s] 售前 30 秒首响率
    [aftersale_resolved] 售后解决率
    [handling_seconds] 会话时长（秒）
    [rating] 评分
    [solved] 已解决记录数
    [customers] 客户数
    [buyers] 下单客户数
    [orders] 订单数
    [presale_records] 售前记录数
    [conversion] 询单转化率
    [order_value] 客单价
    [repeat_purchase_30d] 30 天复购率
    [second_conversion_7d] 7 天内二次转化率
    [complaints] 投诉数
    [complaint_rate] 投诉率
   *[other] { $key }
}
SCHEME_TEMPLATE_UNKNOWN = 没有名为“{ $name }”的方案模板：请选择 { $names } 之一
TEMPLATE_TITLE = { $name ->
    [agent] 客服
    [operations] 店铺运营
   *[service-manager] 客服主管
}
TEMPLATE_ABOUT = { $name ->
    [agent] 用于一线客服：工作量、首响、解决率、评分、转化率、质检与准时率
    [operations] 用于店铺运营人员：访客、转化率、活动销售额、单均成本与增长，全部为观测值，不需要服务记录
   *[service-manager] 用于客服主管，四个维度：服务质量、团队、业务、创新
}
NOBODY_TO_SCORE = 没有可评分的人员：该期间没有归属到人的记录。
PERSON_TWICE = 人员 { $person } 出现了两次。
SCHEME_WITHOUT_DATA = 没有任何人的任何指标可以评分：没有数据，或作为目标的中位数不大于零（每张成绩单写明是哪一种）
SCHEME_WITHOUT_DATA_CURE = 请选择与记录相符的指标和目标
MEASURE_NOT_SENT = 没有任何人有“{ $measure }”的数据，其指标对所有人不计：{ $what ->
        [records] 没有所看类型和时段的记录
        [known] 请随服务记录发送 { $column }
       *[column] 请随服务记录发送列 { $column }
    }
    .observation = 没有任何人有“{ $measure }”的数据，其指标对所有人不计：请发送该期间的观测值
    .past = 没有任何人有“{ $of }”以往的数值，“{ $measure }”的指标对所有人不计：本方案以往同样长度的周期发布后即可计入
    .team = 没有任何人有“{ $measure }”的数据，其指标对所有人不计：所带团队中没有人有{ $of }的数据
OBSERVATIONS_BEYOND_PERIOD = “{ $measure }”有 { $count } 条观测值超出 { $from } 至 { $to } 的期间，不计入任何结果：观测值的全部日期须在同一期间内
OBSERVATIONS_UNREAD = “{ $measure }”在本期间有 { $count } 条观测值不计入任何结果：本方案及其他在用方案都没有指标使用该度量
    .near = “{ $measure }”在本期间有 { $count } 条观测值不计入任何结果：本方案及其他在用方案都没有指标使用该度量（是指 { $near } 吗？）
INDICATOR_TOO_LARGE = 指标 { $indicator } 对所有人不计，因为 { $people } 的数值过大，无法计算
    .apart = 指标 { $indicator } 对所有人不计，因为各人数值相差过大，无法计算
INDICATOR_TOO_LARGE_CURE = 请检查金额和度量值的币种与单位，或从 scheme.yaml 中去掉该指标
NUMBER_TOO_LARGE = 人员 { $person } 的得分过大，无法计算：请检查考核方案的保底和封顶
    .grades = 等级配额过大，无法计算：请减小配额
    .unit = 部门 { $unit } 的数值过大，无法计算：请检查其人员的成绩单
    .pool = 奖金池的金额或份额过大，无法计算：请检查金额和规则
    .part = 奖金池第 { $place } 部分的权重过大，无法计算：请检查得分和规则
    .person = 人员 { $person } 的得分过大，无法计算奖金池第 { $place } 部分：请检查该得分和规则

CARD_MEASURE = { $measure ->
    [credited_records] 归属记录数
    [first_reply_within_30s] 30 秒首响率
    [resolved] 解决率
    [rating_at_least_4] 好评率（4 分及以上）
    [amount] 销售额
   *[other] { $kpi }
}
CARD_DEFINED = { $name }（{ $what }）
CARD_VALUE = { $kind ->
    [records] { $value } 条
    [customers] { $value } 位客户
    [percent] { $value } %
    [own] { $value } { $unit }
    [standard] { $value } { $unit ->
        [points] 分
        [CNY] 元
       *[currency] { $unit }
    }
   *[bare] { $value }
}
CARD_LINE_DROPPED = { $name }：{ $why ->
    [nobody] 本周期无人有数据，对所有人剔除
    [person] 本人没有数据，在此剔除
    [too_large] 本人数值过大，无法计算，因此对所有人剔除
    [past] 本人没有可供比较的以往数值（或为 0），在此剔除
    [too_large_elsewhere] 他人的数值过大而无法计算，或各人数值相差过大，因此对所有人剔除
   *[target] 作为目标的中位数不大于零，予以剔除
}，其权重 { $weight } 按比例分摊到其他指标。
CARD_AGAINST = { $value }，对比{ $past }
CARD_PAST = { $measure }：{ $values }
CARD_PAST_VALUE = { $from } 至 { $to } 为 { $value }
CARD_LINE_NOT_SCORED = { $name }：未评分。
CARD_LINE = { $name }：{ $measured }{ $filled }；{ $points }{ $limit ->
    [cap] （封顶）
    [floor] （保底）
   *[none] {""}
}；乘以权重 { $weight } %{ $spread ->
    [yes] （方案权重 { $scheme_weight }，含剔除指标分摊的部分）
   *[no] {""}
}，计 { $weighted } 分。
CARD_MEASURED = { $records } 条记录中为 { $value }
CARD_NOT_MEASURED = 未测得
CARD_SMALL_SAMPLE = ；不足 { $below } 条，缺少部分按平均水平（{ $group }）计入，得 { $adjusted }
CARD_POINTS_BY_TARGET = 对照目标 { $target }（{ $basis ->
    [scheme] 方案规定
    [team] 本团队 { $people } 人的中位数
   *[group] 团队人数过少，取全部 { $people } 人的中位数
}）得 { $points } 分
CARD_POINTS_BY_PLACE = { $by ->
    [target] 按目标
    [min_max] 按在全组最差与最好之间的位置
    [percentile] 按全组不优于本人的百分比
    [t_score] 按与全组均值相差的标准差数
   *[band] 按名次所在的分布档
}得 { $points } 分
CARD_CHANGE = { $kind ->
    [rate_more] 再提高 { $step } 个百分点
    [rate_less] 再降低 { $step } 个百分点
    [records_more] 再增加 { $amount }
    [records_fewer] 再减少 { $amount }
    [more] 再增加 { $amount }
   *[less] 再减少 { $amount }
}
CARD_NEXT = { $effect ->
    [capped] { $change }不再加分：已封顶。
    [nothing] 仅{ $change }不加分。
   *[points] { $change }可加 { $gain } 分。
}
CARD_SUMMARY = 总分 { $score }，第 { $rank } 名（共 { $of } 人）{ $grade }{ $collaboration }。
CARD_GRADE = ，等级 { $grade }
CARD_COLLABORATION = ；其中协作 { $points } 分：{ $credited } 条记录中有 { $outside } 条在本人排班或团队之外
CARD_CHANGED = 更正前：{ $before }。更正后：{ $after }。
CARD_CAME = 现有成绩单：{ $after }
CARD_WENT = 不再有成绩单。更正前：{ $before }。
CARD_CREDITED_CHANGED = 归属记录数：更正前 { $before }；更正后 { $after }。
CARD_LINE_CHANGED = { $name }：更正前 { $before }；更正后 { $after }。
CARD_LINE_CAME = { $name }：现在计入：{ $after }。
CARD_LINE_WENT = { $name }：不再计入：更正前 { $before }。
CARD_STANDING = { $measured }，{ $points } 分，权重 { $weight } % 折算 { $weighted }
    .dropped = { $measured }，不计分
CARD_WORKED_OUT_ANEW = 总分不变；依据不同的数据重新计算。

DEFINED = { $what }{ $few ->
    [yes] ，至少 { $min_count } 条
   *[no] {""}
}{ $valid ->
    [between] ，{ $from } 至 { $to } 有效
    [from] ，自 { $from } 起有效
    [to] ，至 { $to } 有效
   *[ever] {""}
}
DEFINED_RECORDS = { $aggregation ->
    [mean] { $value }的平均值
    [sum] { $value }之和
    [share] { $value }{ $test }的记录占比
    [count] 记录数
    [count_of] { $value }{ $test }的记录数
    [distinct] 客户数
   *[distinct_of] { $value }{ $test }的记录所属客户数
}{ $kinds }{ $hours }{ $session }
DEFINED_VALUE = { $value ->
    [first_reply_seconds] 首次回复秒数
    [duration_seconds] 从开始到结束的秒数
    [resolved] 已解决
    [rating] 评分
    [amount] 销售额
   *[column] { $value }
}
DEFINED_GIVEN = 有值
DEFINED_TEST = { $is ->
    [at_most] 不超过 { $threshold }
    [at_least] 不低于 { $threshold }
    [below] 低于 { $threshold }
    [above] 高于 { $threshold }
   *[equal] 等于 { $threshold }
}
DEFINED_KINDS = ，类型为 { $kinds }
DEFINED_HOURS = ，{ $counts ->
    [begun] 开始于
   *[inside] 只计时段
} { $from } 至 { $to }
DEFINED_SESSION = ，间隔不超过 { $minutes } 分钟的会话只计第一条
DEFINED_OBSERVATION = { $subject ->
    [person] 个人
    [unit] 组织单元
    [account] 账号
    [store] 店铺
   *[campaign] 活动
}观测值{ $aggregation ->
    [sum] 之和
    [mean] 的平均值
   *[last] 的最近值
}
DEFINED_RATIO = { $of } / { $per }{ $percent ->
    [yes] （百分比）
   *[no] {""}
}
DEFINED_SUM = { $parts }之和
DEFINED_PART = { $factor } × { $of }
DEFINED_REPEAT = { $of }中其客户在之前 { $days } 天内有过{ $after }的占比
DEFINED_TREND = { $of }与本人以往相比变化的百分比
DEFINED_TEAM = { $aggregation ->
    [mean] 按每日团队成员计的{ $of }平均值
    [share] 按每日团队成员计，{ $of }{ $test }的占比
   *[sum] 按每日团队成员计的{ $of }之和
}

LADDER_REFUND = { $refund } 是 { $sale } 的退款：归属与该记录相同，并冲减其金额
LADDER_BEGAN = { $at } 开始，账号 { $account }，{ $phase ->
    [shared] 当日为公用账号
    [mixed] 当日处于公用转实名阶段
   *[named] 当日为实名接待
}。
LADDER_TAG_NONE = 标记：平台没有记录客服。
LADDER_TAG_UNKNOWN = 标记：平台记录为“{ $agent }”，当日无此在职人员或不止一人。
LADDER_TAG = 标记：平台记录为“{ $agent }”，即 { $person }，记录归其所有。
LADDER_NAMED_WITHOUT = 实名账号只认标记和交接，两者皆无：不归属任何人。
LADDER_DUTY_NONE = 在岗：当时无人持有账号，也无人在岗。
LADDER_DUTY = 在岗：{ $list }。
LADDER_DUTY_ANSWERED = 回复时在岗：{ $list }。
    .unheld = 在岗：开始时无人持有账号，也无人在岗；回复时，{ $list }。
LADDER_ON_DUTY = { $person }{ $rule ->
    [handover] 按交接持有
    [roster] 按排班在岗
    [punch] 为团队成员且已打卡
   *[team] 为团队成员
}，{ $from } 至 { $to }［{ $evidence }］
LADDER_SHARES = { $before }、{ $share }
LADDER_BY_SESSION = 同一客户同一会话的另一条记录有客服标记，本条随之归属：{ $shares }。
LADDER_BY_TAG = 按标记归属：{ $shares }。
LADDER_BY_HANDOVER = 按交接记录只有一人持有账号：{ $shares }。
LADDER_SOLE = 只有一人在岗：{ $shares }。
LADDER_INFERRED = 多人在岗，按各人当时是否忙于其他记录及工作习惯推断：{ $shares }。
LADDER_EQUAL = 多人在岗且依据不足以区分，平均分配：{ $shares }。
LADDER_TEAM = 该账号没有任何在岗依据，由团队分摊：{ $shares }。
LADDER_NOBODY = 因此不归属任何人。
LADDER_CONTRIBUTORS = 协作者：{ $list }。
LADDER_CONTRIBUTOR = { $role ->
    [first_answer] 首次应答
    [closer] 促成成交
   *[after_sales] 售后服务
}：“{ $agent }”，即 { $person }
LADDER_CONTRIBUTOR_UNKNOWN = { $role ->
    [first_answer] 首次应答
    [closer] 促成成交
   *[after_sales] 售后服务
}：“{ $agent }”，当日无此在职人员或不止一人
LADDER_SPLIT = 按角色归属，规则“{ $version }”：首次应答 { $first_answer }、成交 { $closer }、售后 { $after_sales }；无人承担的角色，其份额按比例归其他角色：{ $shares }。
LADDER_BY_SPLIT = 按角色归属：{ $shares }。
LADDER_BY_CLAIM = 已点击认领：{ $shares }。
LADDER_CLICKED = { $person } 于 { $at } 点击。
LADDER_BY_DEVICE = 接待所用设备 { $device } 当时属于一个人：{ $shares }。
LADDER_BY_REPLIES = 多人在岗且每人同时接待多个会话，按回复时间区分：{ $shares }。
LADDER_BY_TAG_SHARE = 多人在岗且每人同时接待多个会话，按时间相近、写明客服的记录分摊：{ $shares }。
LADDER_NOT_SPLIT = 政策没有给所列角色任何份额：该记录按没有协作者处理。
LADDER_WORTH = 此账号预计约有 { $now } 的记录归给了他人；若休息也打卡约 { $breaks }，若 30 % 的回复带有设备约 { $devices }，若一半的记录被认领约 { $claims }。这是按当月存疑程度的预期，并非承诺。

# 何以归此人而非彼人。
WHY = { $first }（{ $part } %）而非 { $second }（{ $rest } %）：{ $what }。
WHY_AGAINST = { $why }；{ $sign ->
    [hands] 距上一次回复的间隔则支持 { $second }。
    [thread] 该会话此前的回复则支持 { $second }。
    [profile] 回复的类型则支持 { $second }。
   *[device] 设备则支持 { $second }。
}
WHY_SOMEBODY = 另一人
WHY_SECONDS = { $count } 秒
WHY_MINUTES = { $count } 分钟
WHY_HOURS = { $count } 小时
WHY_DAYS = { $count } 天
WHY_HANDS = { $one }，{ $other }
    .short = { $one }，{ $other }，几乎来不及再写一条
    .usual = { $one }，{ $other }，这样的间隔在 { $first } 更常见
WHY_WROTE = { $who } { $pause }前刚回复过
WHY_NOT_YET = { $who } { $pause }前上岗、尚未回复过
WHY_THREAD = { $first } 很可能在 { $pause }前回复过这位客户
WHY_PROFILE = { $first } 比 { $second } 更常回复等待了{ $wait }的客户
    .first = { $first } 比 { $second } 更常首次回复等待了{ $wait }的客户
    .again = 客户没有新消息时，{ $first } 比 { $second } 更常在上一条回复{ $wait }后再次回复
    .unasked = { $first } 比 { $second } 更常主动给尚未留言的客户发消息
WHY_WAIT = { $class ->
    [0] 不到 5 分钟
    [1] 5 至 20 分钟
    [2] 20 至 60 分钟
    [3] 1 至 4 小时
    [4] 4 至 24 小时
   *[other] 一天以上
}
WHY_DEVICE = 回复所用的设备属于 { $first }
    .same = { $first } 此前很可能在同一设备上回复过
WHY_DUTY = 该记录的 { $all } 次回复中，{ $first } 有 { $count } 次在岗，{ $second } 有 { $other } 次
WHY_NAMES = 前后一小时内写明客服且各自在岗的记录中，{ $first } 有 { $count } 条（共 { $all } 条），{ $second } 有 { $other } 条（共 { $others } 条）
    .all = 该账号写明客服且各自在岗的记录中，{ $first } 有 { $count } 条（共 { $all } 条），{ $second } 有 { $other } 条（共 { $others } 条）
WHY_TOGETHER = 没有单一依据，由其前后的全部回复共同判断
WHY_TOO_FEW_REPLIES = 无法区分：该账号有回复时间的记录太少，不足以学习。
WHY_TOO_DENSE = 无法区分：该账号的回复过于密集，仅凭时间不足以区分，而注明客服、认领或在已登记设备上回复的记录又太少。
WHY_CLOCK_WITHOUT_SECONDS = 无法区分：该账号的回复时间没有可信的秒数。
WHY_NO_REPLY_TIMES = 无法区分：每人可同时接待多个会话，且没有其在岗期间对该会话的回复时间。

CREDIT_ACCOUNT_UNKNOWN = 考勤中没有此账号：其 { $records } 条记录未计入
CREDIT_UNKNOWN_AGENT = { $records } 条记录的客服写作“{ $agent }”，当日无此在职人员或不止一人：按没有客服标记处理
CREDIT_NO_EVIDENCE = 没有任何排班、打卡或交接记录：{ $records } 条记录由团队分摊
CREDIT_NOBODY_ON_DUTY = { $records } 条记录产生时无人在岗：不归属任何人
CREDIT_TAG_OFF_DUTY = { $records } 条记录标记为 { $person }，此人当时不在岗：以标记为准
CREDIT_NAMED_WITHOUT_AGENT = 实名账号的 { $records } 条记录没有客服标记：除按交接归属外，不归属任何人
CREDIT_MIXED_WITHOUT_TAG = 过渡阶段账号的 { $records } 条记录没有客服标记：按公用账号归属
CONTRIBUTOR_UNKNOWN = { $records } 处协作者写作“{ $agent }”，当日无此在职人员或不止一人：其份额归其他协作者
CREDIT_CONTRIBUTOR_OFF_DUTY = { $records } 条记录的协作者 { $person } 在记录开始时不在岗：仍按姓名计
CREDIT_CONTRIBUTORS_NOT_SPLIT = { $records } 条记录写有协作者，而政策没有给其角色任何份额：协作者已保存，记录按没有协作者处理
CREDIT_TOO_FEW_TO_INFER = { $records } 条记录有多人在岗，数量太少，无法推断：平均分配
CREDIT_DID_NOT_SETTLE = 对 { $records } 条记录的推断没有收敛：平均分配
CREDIT_SEVERAL_AT_ONCE = { $records } 条记录有多人在岗，且每人同时接待多个会话：平均分配
CREDIT_TOO_FEW_REPLIES = { $records } 条记录有回复时间，但人均太少，不足以区分同时接待多个会话的人：按每次回复时的在岗者平均分配
CREDIT_REPLIES_TOO_DENSE = { $records } 条记录所在账号的回复过于密集，仅凭时间无法区分各人，而能说明归属的回复不足一成：按每次回复时的在岗者平均分配
CREDIT_EVIDENCE_UNEVEN = { $records } 条记录未说明归属，而该账号上各人署名、认领或在已登记设备上回复的比例相差很大，其中 { $person } 最少：按各人未说明的比例加权
    .equal = { $records } 条记录没有任何证据说明属于谁，而该账号上有人认领或在已知设备上处理的比例远高于他人，{ $person } 最少：已平分；若 { $person } 与他人工作量相当，则分得偏少
CREDIT_CLOCK_WITHOUT_SECONDS = { $records } 条记录的回复中，十分之一以上落在整分钟，其时钟不可信：按每次回复时的在岗者平均分配
CREDIT_CLAIM_OFF_DUTY = { $person } 不在岗时认领了 { $records } 个会话：认领不计
CREDIT_CLAIM_WITHOUT_RECORD = { $person } 认领了 { $records } 个没有记录的会话：认领不计
CREDIT_CLAIMS_DIFFER = { $person } 于 { $at } 认领了 { $record }，而 { $second } 已于 { $before } 认领：两者均不作依据{ $more ->
    [0] {""}
   *[other] 。当日另有 { $more } 条记录如此
}
    .tag = { $person } 于 { $at } 认领了 { $record }，而平台写明的客服是 { $second }：以平台所写为准{ $more ->
        [0] {""}
       *[other] 。当日另有 { $more } 条记录如此
    }
CREDIT_DEVICE_OFF_DUTY = { $person } 的设备 { $device } 在其不在岗时被使用了 { $records } 次：不计
    .there = { $person } 的设备 { $device } 被使用了 { $records } 次，而其当时在 { $place } 当班：不计
    .elsewhere = 从未在此当班者的设备 { $device } 被使用了 { $records } 次：不计
DEVICE_BOUND_TO_SEVERAL = 自 { $from } 起，设备 { $device } 同时属于多个人或座席：登记予以保留，但其间在该设备上写的内容不说明任何事
    .ever = 设备 { $device } 从一开始就同时属于多个人或座席：登记予以保留，但其间在该设备上写的内容不说明任何事
CREDIT_DEVICE_OF_SEVERAL = 设备 { $device } 同时属于 { $more ->
    [0] { $first } 和 { $second }
   *[other] { $first }、{ $second } 及另外 { $more } 人
}，被使用了 { $records } 次：不计
    .beyond = 设备 { $device } 同时属于 { $person } 和一位从未在此当班者，被使用了 { $records } 次：不计
    .unknown = 设备 { $device } 同时属于多人，被使用了 { $records } 次：不计
DEVICE_OF_NOBODY = { $devices ->
    [1] 未登记给任何人的设备 { $device } 被使用了 { $records } 次
   *[other] 未登记给任何人的 { $devices } 台设备（如 { $device }）被使用了 { $records } 次
}：只能说明哪些内容出自同一人之手
    .near = 未登记给任何人的设备 { $device } 被使用了 { $records } 次，而已登记的 { $near } 从未使用：是否本应是后者？
    .seat = 座席 { $seat } 的设备 { $device } 被使用了 { $records } 次，而当时无人排在该座席：当时不属于任何人
    .ended = 设备 { $device } 在其登记的最后一日 { $to } 之后被使用了 { $records } 次：当时不属于任何人
    .coming = 设备 { $device } 在其登记的首日 { $from } 之前被使用了 { $records } 次：当时不属于任何人
EVIDENCE_NOT_READ = 政策版本 { $version } 不读取认领、设备和消息时间。该账号本期间有：认领 { $claims } 次，有消息时间的记录 { $replies } 条，记录或消息写明的设备 { $devices } 台
CREDIT_REPLY_OUTSIDE_RECORD = { $records } 次回复早于其记录开始或晚于其结束：不计
CREDIT_CLOCKS_APART = { $records } 条记录的消息所用时钟比记录的时钟快 { $minutes } 分 { $seconds } 秒：按提前相应时间读取
    .behind = { $records } 条记录的消息所用时钟比记录的时钟慢 { $minutes } 分 { $seconds } 秒：按推后相应时间读取
BREAKS_NOT_PUNCHED = { $people } 人共 { $days } 个工作日的在岗时段没有间断，但其中有两小时以上几乎没有其工作，而他人在工作。若休息也打卡，预计归给他人的记录约占该账号的 { $breaks }，而非约 { $now }
AMOUNTS_CONVERTED = { $records } 条记录的金额由 { $from } 折算为 { $to }，每条按其当地日期的汇率折算并只舍入一次：{ $rates }{ $more ->
    [0] {""}
   *[other] {" "}等，另有 { $more } 个
}
REFUND_EXCEEDS_SALE = { $sales } 笔销售的退款大于销售金额，因此计为负数：{ $named }{ $more ->
    [0] {""}
   *[other] ；另有 { $more } 笔
}

REGION_SAME = 转出区域与转入区域不能同为 { $region }。
REPORT_NOT_A_MONTH = 报表只针对一个自然月，而该周期为 { $from } 至 { $to }：请建立一个自然月的考核周期。
NOTHING_TO_TELL = 没有可以转出的组织单元：各单元不足五人，或相减后会暴露不足五人的情况。
TRANSFER_NOT_PREPARED = 该转移不再待审批，当前状态：{ $stage ->
    [prepared] 待审批
    [approved] 已批准
    [released] 已放行
    [withdrawn] 已撤回
   *[rejected] 已否决
}。
TRANSFER_NOT_APPROVED = 该转移尚待他人审批。
TRANSFER_DROPPED = 该转移{ $stage ->
    [withdrawn] 已撤回
   *[rejected] 已否决
}：请另行准备。
TRANSFER_RELEASED = 该转移已经放行：已提供的内容无法收回。
TRANSFER_STALE = 其间已放行了关于同一月份的另一份报表，两者合并会暴露不足五人的情况：请重新准备。
TRANSFER_MALFORMED = 这不是此处所需的文件，或不完整：请完整发送 ReleaseTransfer 或 ExportStandard 给出的文件。
TRANSFER_SIGNATURE_WRONG = 文件不是由区域 { $region } 的系统签名：可能被改动，或此处缺少其新的公钥。
REGION_KEY_UNKNOWN = 此处没有区域 { $region } 的公钥：请把它的 performance.pub 放入密钥文件夹，命名为 regions/{ $region }.pub。
TRANSFER_OF_ANOTHER_GROUP = 该文件属于其他集团。
TRANSFER_ALREADY_EXISTS = 该文件此前已经接收。
TRANSFER_KIND_EXPECTED = 请说明要转移的内容：报表或人员目录

## Compensation

CYCLE_NOT_PUBLISHED = 得分仍可能变动：请先发布考核周期。
    .report = 考核周期尚未发布：报表只包含最终结果。
    .correct = 考核周期尚未发布，无需更正：请重新结账，即按当前数据计算
RESULT_VERSION_UNKNOWN = 该周期没有这个版本的结果，或当时尚未发布：请用 ListCardVersions 查询各版本
VERSION_TWICE = 请只填写版本或时间之一
CYCLE_CORRECTION_UNDERWAY = 该周期的更正 { $cycle } 尚未发布，其原因或方案版本与本次不同：请按其原内容再次请求以重新计算，或发布它（PublishCycle），或先作废（CancelCycle）再重新请求
CORRECTION_CHANGES_NOTHING = 所有成绩单均与已发布的一致，没有可发布的内容：请丢弃该更正（CancelCycle）；待考核周期所依据的数据改正之后再重新发起
ACCOUNT_UNKNOWN_HERE = 没有您可查询的账号 { $account }：请用 ListAccounts 查找编号
UNIT_UNKNOWN_HERE = 归属运行所属的单元之内没有组织单元 { $unit }：请用 ListOrgUnits 查找编号，或为上级单元发起归属运行
ACCOUNTS_OR_SCHEME = 账号与方案只能选其一：请去掉一个
ACCOUNTS_EXPECTED = 请至少填写一个账号，最多 { $most } 个
POOL_WITHOUT_PEOPLE = 奖金池没有可发放的人：该考核周期中没有属于奖金池所属单元的成绩单
POOL_OUTSIDE_CYCLE = 奖金池属于其考核周期的组织单元或下级单元：请填写这样的单元；留空表示周期所属的单元
PAY_OUTSIDE_UNIT = { $count } 人在该周期有成绩单，但在周期最后一天不属于奖金池的组织单元：{ $people }。单元只能给自己的人员发放：请用不包含这些人的考核范围重新关闭周期
    .correction = { $count } 人在该周期有成绩单，但在周期最后一天不属于奖金池的组织单元：{ $people }。单元只能给自己的人员发放：请先更正该周期（CorrectCycle），再重新起草本次更正
POOL_NEGATIVE = 奖金池不能为负：请填写 0 或以上的金额；奖金池不能用来收回款项。
ZERO_SCORES = 没有人的得分大于零，无法据此分配：请先查看该周期的成绩单。
PART_WITHOUT_CLAIM = 奖金池的第 { $place } 部分无人可得：没有得分达到有权重的等级或其下限；请修改该部分的规则。
SETTLEMENT_NOT_DRAFT = 结算{ $stage ->
    [draft] 为草稿
    [approved] 已批准
    [posted] 已入账
   *[discarded] 已作废
}，不是草稿。
SETTLEMENT_NOT_APPROVED = 结算{ $stage ->
    [draft] 为草稿
    [approved] 已批准
    [posted] 已入账
   *[discarded] 已作废
}；只有已批准的结算才能入账。
SETTLEMENT_POSTED = 已入账的结算不再变动：请为其起草更正，差额由下一次结算支付。
SETTLEMENT_NOT_POSTED = 结算{ $stage ->
    [draft] 仍为草稿
    [approved] 已批准、尚未入账
   *[discarded] 已作废
}，只有已入账的结算才能更正：请作废后重新起草。
PAY_CORRECTION_WAITS = 该结算的更正 { $correction } 正待批准：请先批准或撤回该更正。
NOTHING_TO_CORRECT = 按目前的成绩单，每个人的金额与该结算及其更正一致：请先更正考核周期，否则无可更正。
PAY_CORRECTION_NOT_DRAFT = 该更正{ $stage ->
    [approved] 已批准
   *[withdrawn] 已撤回
}，不再是草稿。
DELTAS_WAIT_NOW = 待结算的差额只能按当前情况查询：请去掉 known_at 或 waiting_only。
CORRECTION_REASON_MISSING = 请说明原因：每份结算单都会显示。
POOL_THERE = 该周期已有名称、金额与规则相同的奖金池 { $pool }：请用它结算；若确有另一笔相同的款项，请另取名称。
POOL_PAID = 奖金池 { $pool } 已有结算入账，而一个奖金池只发放一次：请作废其余结算；如另有款项要发放，请新建奖金池。
CARRY_MOVED = 本结算起草之后另有结算入账或更正获批，零头余额已变：请重新起草。
DELTA_SCORE = 得分由 { $old } 更正为 { $new }
DELTA_AGAINST =
    { $by ->
        [fell] 本人得分由 { $old } 更正为 { $new }，但他人得分下降更多（合计由 { $others_old } 降至 { $others_new }），因此在奖金池中的份额上升
        [rose] 本人得分由 { $old } 更正为 { $new }，但他人得分上升更多（合计由 { $others_old } 升至 { $others_new }），因此在奖金池中的份额下降
        [less] 本人得分由 { $old } 更正为 { $new }，他人得分合计由 { $others_old } 变为 { $others_new }；按奖金池的规则，份额仍然下降
       *[more] 本人得分由 { $old } 更正为 { $new }，他人得分合计由 { $others_old } 变为 { $others_new }；按奖金池的规则，份额仍然上升
    }
DELTA_ADDED = 新增得分 { $score }
DELTA_REMOVED = 得分 { $score } 已撤销
DELTA_OTHERS = 他人的得分已更正，奖金池在所有人之间重新分配
POOL_WITHOUT_PARTS = 至少需要一个部分
SHARES_NOT_WHOLE = 各部分之和为 { $sum }（百万分之一），不是恰好 1000000
PART_OF_NOTHING = 份额为零：请去掉该部分
PART_RULE_MISSING = 请说明该部分如何分配：tiers、proportional 或 team_fund
PART_WITHOUT_TIERS = 至少需要一个等级
TIERS_OUT_OF_ORDER = 请从最好的等级写起，min_score 逐级降低
TIERS_MIXED = 请为每个等级都填写 min_score，或都填写配额
TIERS_WITHOUT_WEIGHT = 所有权重都为零，无人可得
TIER_WEIGHTS_OUT_OF_ORDER = 较差的等级权重高于较好的等级

STATEMENT_AMOUNT = 得分 { $score }，发放 { $paid }；若平均分配为 { $equal }，{ $than ->
    [less] 少 { $difference }
    [same] 相同
   *[more] 多 { $difference }
}。
STATEMENT_WITHOUT_TIER = 第 { $number } 部分（奖金池的 { $share }，{ $part }）按等级分配：得分未达任何等级，计 { $amount }。
STATEMENT_TIER_WITHOUT_WEIGHT = 第 { $number } 部分（奖金池的 { $share }，{ $part }）按等级分配：等级 { $tier } 权重为零，计 { $amount }。
STATEMENT_NOT_ABOVE_FLOOR = 第 { $number } 部分（奖金池的 { $share }，{ $part }）按得分比例分配：得分不高于 { $floor }，计 { $amount }。
STATEMENT_PART = 第 { $number } 部分（奖金池的 { $share }，{ $part }）{ $claim }，总和 { $sum }；{ $major } × { $weight } / { $sum }{ $rounded }{ $carried }；计 { $amount }。
STATEMENT_BY_TIER = 按等级分配：等级 { $tier }，权重 { $weight }
STATEMENT_ABOVE_FLOOR = 按超过 { $floor } 的得分比例分配：{ $points } 分
STATEMENT_BY_SCORE = 按得分比例分配：{ $points } 分
STATEMENT_EXACT = {" "}恰为 { $whole }
STATEMENT_ROUNDED = {" "}= { $whole } 又 { $smallest } 的 { $fraction }；{ $units } 个零头（每个 { $smallest }）中{ $came ->
    [yes] 分得 1 个
   *[no] 未分得
}
STATEMENT_CARRIED = ；上期结转 { $before }，转入下期 { $after }
## The bundle: what is said of files, rows and settings. A reason and its cure are two cells of rejected.csv

UNUSABLE = { $file }：{ $problem }。{ $cure }。
SEVERAL_PROBLEMS = { $problems }
REASON_ALSO = { $reason }；另外 { $column }：{ $more }
AND_MORE_ROWS = 此文件还有 { $count } 行被拒收
AND_MORE_ROWS_CURE = 请先改正以上各行：其余各行大多出于同样的原因
AND_MORE_FINDINGS = 此类提示还有更多
FIRST_REJECTED = 第 { $line } 行{ $column }：{ $reason }（{ $cure }）
FIRST_REJECTED_COLUMN = ，{ $column } 列
EVERY_ROW_REJECTED = ；每一行都被拒收：{ $first }
ROWS_REJECTED = ；有 { $count } 行被拒收，第一行：{ $first }
HINT_NEAR = ；是指 { $near } 吗？
HINT_MEANT = （是指 { $near } 吗？）
HINT_MEANT_AS = （{ $near } 是指 { $column } 吗？）
HINT_THERE_IS = （有文件 { $near }）
NO_FOLDER = 无法作为文件夹读取（{ $error }）
NO_FOLDER_CURE = 请给出包含 people.csv、accounts.csv 和 records.csv 的文件夹
MISSING_FILE = { $folder } 中没有此文件{ $hints }
MISSING_FILE_CURE = 请以完全相同的文件名放入此文件；docs/bundle.md 说明了每个文件
NOT_A_FILE = 它不是文件
NOT_A_FILE_CURE = 请在此处放一个 CSV 或 YAML 文件
UNREADABLE = 无法读取（{ $error }）
UNREADABLE_CURE = 请检查文件及其权限
UNKNOWN_FILE = 此文件无人使用{ $hint }
EMPTY_OPTIONAL_FILE = 文件为空，已略过
THE_PERIOD = 结算周期
PERIOD_BACKWARDS_CURE = 请对调 --from 与 --to
PERIOD_HALF = 缺少两端中的一端
PERIOD_HALF_CURE = 请同时给出 --from 和 --to，或都不给
PERIOD_OF_DAYS = 期间有 { $days } 天，而一次最多结算 { $most } 天
PERIOD_OF_DAYS_CURE = 请分段结算
TEAM_WITHOUT_PEOPLE = people.csv 中没有人属于其团队 { $team }
BRANCH_WITHOUT_PEOPLE = people.csv 中没有人属于此分公司
TOO_LARGE_SETTINGS = 文件超过 1 MiB
TOO_LARGE_SETTINGS_CURE = 设置只是一页文字：请检查是否放错了文件
NOT_VALID_TEXT = 内容不是有效文本
NOT_VALID_TEXT_CURE = 请另存为 UTF-8
ZERO_BYTES = 含有零字节，CSV 或 YAML 文件中不会有
ZERO_BYTES_CURE = 请重新导出为 UTF-8 编码的 CSV（表格软件自己的文件不是 CSV）
UNKNOWN_ENCODING = 编码既不是 UTF-8、UTF-16，也不是 GBK（看起来像 { $encoding }）
BAD_YAML = 不是有效的 YAML：{ $cause }（解析器原文：“{ $said }”）
    .at = 第 { $line } 行第 { $column } 列不是有效的 YAML：{ $cause }（解析器原文：“{ $said }”）
YAML_KEY_TWICE = 键 { $key } 出现了两次
    .lines = 键 { $key } 出现了两次（第 { $first } 行和第 { $second } 行）
YAML_TAB = 只能用空格的地方出现了制表符
YAML_NOT_CLOSED = 有方括号、花括号或引号没有闭合
YAML_NO_VALUE = 此处应有一个值
YAML_BAD_START = 值不能以此符号开头：请给文本加上引号
YAML_SIGN = 以 &、* 或 ! 开头的文本会被当作引用或标签：请加上引号
YAML_ESCAPE = 双引号中的反斜杠表示特殊字符：请写两个反斜杠，或改用单引号
YAML_STRUCTURE = 此处的键、冒号或缩进不对
YAML_OTHER = 此处无法读取
BAD_YAML_CURE = 请改正该处：每层缩进两个空格，冒号后留一个空格
YAML_KEY_TWICE_CURE = 请保留正确的一个，删去另一个
YAML_NUMBER_TOO_LARGE = 有一个数字过大，无法读取（解析器原文：“{ $said }”）
YAML_NUMBER_TOO_LARGE_CURE = 请写较小的数字
YAML_UNSEEN = 第 { $line } 行含有看不见的字符 { $character }
YAML_UNSEEN_CURE = 请删去该字符，或重新输入该行
INVALID_SETTINGS_CURE = 请改正这些值；docs/bundle.md 有示例

## The bundle: tables

EMPTY_FILE = 文件为空
EMPTY_FILE_CURE = 请填写：首行应为 { $header }
NOT_CSV = 它不是带表头的 CSV 文件：{ $why }
NOT_CSV_CURE = 请导出为 CSV；首行应为 { $header }
    .named = 请删除 `sep=` 这一行，或用同一种分隔符重新保存文件
NOT_CSV_NO_END = 首行没有结束，或其中的引号没有闭合
NOT_CSV_NO_TEXT = 首行不是文本
NOT_CSV_NO_COLUMN = 首行没有任何一个所需的列名
    .named_not = 第一行写着 `sep={ $named }`，而其下的表头用 `{ $sign }` 分隔
    .named_not_tab = 第一行写着 `sep={ $named }`，而其下的表头用制表符分隔
CONVERTED_ENCODING = 按 { $encoding } 读取并转换为 UTF-8
SEPARATED_BY_TAB = 各列以制表符分隔
SEPARATED_BY_SIGN = 各列以符号 { $sign } 分隔
SEPARATED_BY_SEMICOLON = 各列以分号分隔
LINE_TOO_LONG = 该行超过 1 MiB
LINE_TOO_LONG_CURE = 请检查换行符丢在了哪里
TOO_MANY_CELLS = 该行有 { $cells } 格，表头有 { $columns } 格
TOO_MANY_CELLS_CURE = 含逗号或引号的单元格请用双引号括起来
NOT_TEXT_IN_ENCODING = 含有不属于该文件编码的字节
UNSEEN_CHARACTER = 含有看不见的字符 { $character }
UNSEEN_CHARACTER_CURE = 请删除：重新输入该单元格，或在导出的程序中清理该列
OPEN_QUOTE = 其中一个引号开启了单元格却没有在应有之处闭合
OPEN_QUOTE_CURE = 单元格内的引号请写两遍，如 "5"" 屏幕"
UNBALANCED_QUOTES = 多处引号不成对，最后一处在第 { $line } 行
UNBALANCED_QUOTES_CURE = 请重新导出为 CSV：单元格内的引号要写两遍
COLUMN_TWICE = { $column } 列出现了两次
    .names = { $column } 列出现了两次：“{ $one }”和“{ $other }”
COLUMN_TWICE_CURE = 请只保留一列，或给另一列改名
MISSING_COLUMNS = 表头缺少 { $columns } 列{ $hints }
MISSING_COLUMNS_CURE = 请补上；完整的表头是 { $header }
MISSING_KIND_CURE = 请补上；完整的表头是 { $header }；或在 group.yaml 中写 `punches: alternating` 或 `punches: first_last`
MISSING_COLUMN = 没有这一列：各行均按空处理
UNKNOWN_COLUMN = 此列无人使用{ $hint }
EQUAL_ROWS = 相同的行只计一次（略去 { $count } 行）

## The bundle: cells

IT_IS_EMPTY = 内容为空
IT_IS_EMPTY_CURE = 请填写
TOO_MANY_CHARACTERS = 超过 { $most } 个字符
TOO_MANY_CHARACTERS_CURE = 请缩短
TOO_MANY_MEASURES = 除已知列外，该行的指标超过 { $most } 个
TOO_MANY_MEASURES_CURE = 请去掉不用于衡量的列
NO_TIME_ZONE = “{ $text }”不是时区
NO_TIME_ZONE_CURE = 请写 IANA 名称，例如 Asia/Shanghai
STANDS_FOR_NO_VALUE = “{ $text }”表示无值
STANDS_FOR_NO_VALUE_CURE = 请写编号；没有编号的行请删除
FORMULA_FAILED = “{ $text }”是表格软件公式出错时的显示，不是值
FORMULA_FAILED_CURE = 请改正公式，或从源头重新导出该列；确实无值时才留空
NEITHER_YES_NOR_NO = “{ $text }”既不是“是”也不是“否”
NEITHER_YES_NOR_NO_CURE = 请写 true、false、1、0、yes、no、是 或 否，或留空
NO_SMALL_COUNT = “{ $text }”不是 1 至 1000 的整数
NO_SMALL_COUNT_CURE = 请写这样的数
IT_IS_NEGATIVE = 数值为负
IT_IS_NEGATIVE_CURE = 请写不小于 0 的数，或留空
NUMBER_ABOVE_RANGE = { $text } 过大
NUMBER_ABOVE_RANGE_CURE = 请写 0 至 { $most } 之间的数；未测量则留空
NO_NUMBER = “{ $text }”不是数字
    .comma = “{ $text }”中有逗号，而 group.yaml 没有 `numbers` 时，数字用小数点且不带分组符
    .exponent = “{ $text }”用了指数写法，数字不能这样写
NO_NUMBER_CURE = 请写带小数点的数字，例如 12.5；未测量则留空
    .needed = 请写带小数点的数字，例如 12.5，或删去该行
NEGATIVE_AMOUNT = 金额 { $text } 为负
NEGATIVE_AMOUNT_CURE = 退款请另写一行：金额为负，并在 refers_to 中填写所退记录的 external_id；否则请留空
NO_AMOUNT = “{ $text }”不是金额
NO_AMOUNT_CURE = 请写带小数点的数字，例如 1234.50，不带货币符号；或在 group.yaml 中说明数字的写法：1,234.50 写作 `numbers: {"{"}decimal: ".", grouping: ","{"}"}`，1.234,50 写作 `numbers: {"{"}decimal: ",", grouping: "."{"}"}`
    .yaml = 请写带小数点的数字，例如 1234.50，不带货币符号，也不带分组符
AMOUNT_DECIMALS = { $text } 的小数位数多于 { $currency } 的规定（{ $digits } 位）
    .told = { $text } 的小数位数多于 { $currency } 的规定（{ $digits } 位）：group.yaml 规定“{ $sign }”之后为小数
AMOUNT_DECIMALS_CURE = 请舍入到该货币的最小单位；如点号之后并非小数（例如 1.234 表示一千二百三十四），请在 group.yaml 中说明：`numbers: {"{"}decimal: ",", grouping: "."{"}"}`
    .either = 请写 { $whole } 或 { $decimal }，以所指者为准
    .round = 请舍入到该货币的最小单位
    .whole = 如指 { $whole } 请这样写，否则请舍入到该货币的最小单位
HUGE_AMOUNT = 金额 { $text } 过大
HUGE_AMOUNT_CURE = 请检查单位：应为主单位（如元）
NO_DATE = “{ $text }”不是日期
NO_DATE_CURE = 请写 年-月-日，例如 2026-03-02
NO_TIME = “{ $text }”不是时间
NO_TIME_CURE = 请写 2026-03-02 09:00:00，或带时差 2026-03-02T09:00:00+08:00
TIME_BEYOND_RANGE = 时间超出范围
TIME_BEYOND_RANGE_CURE = 请检查年份
TIME_SKIPPED = { $zone } 没有 { $time } 这个时刻：时钟从 { $before } 拨到了 { $after }
TIME_SKIPPED_CURE = 请写明时差，例如 { $time }{ $offset }
THAT_ZONE = 该时区
MAY_BE_GROUPED = “{ $text }”可能是小数，也可能是带分组符的整数
GROUPED_BY_SPACE = “{ $text }”的数字之间有空格
GROUPED_BY_SPACE_CURE = 请去掉空格，或在 group.yaml 中说明数字的写法：1 234,50 写作 `numbers: {"{"}decimal: ",", grouping: space{"}"}`，1 234.50 写作 `numbers: {"{"}decimal: ".", grouping: space{"}"}`
MAY_BE_GROUPED_CURE = 请在 group.yaml 中说明数字的写法，例如 `numbers: {"{"}decimal: ",", grouping: "."{"}"}`
NOT_AS_GROUP_YAML = “{ $text }”的写法与 group.yaml 所说的不符
NOT_AS_GROUP_YAML_CURE = 小数点请写“{ $decimal }”，不写千位分隔，或改正 group.yaml 中的 `numbers`
    .grouped = 小数点请写“{ $decimal }”，千位分隔请写“{ $grouping }”，或改正 group.yaml 中的 `numbers`
    .spaced = 小数点请写“{ $decimal }”，千位之间请写空格，或改正 group.yaml 中的 `numbers`

## The bundle: people, accounts, aliases

SHORTENED_NUMBER = { $text } 是被表格软件截短成前几位的数字
EXPORT_AS_TEXT = 请将该列导出为文本
EMPTY_SEGMENT = “{ $text }”中有空的一级
EMPTY_SEGMENT_CURE = 路径请用单个斜杠，分公司在最前，例如 East/Chat/Team 1
TOO_DEEP = 路径有 { $depth } 级
TOO_DEEP_CURE = 最多写 { $most } 级，分公司在最前
EMPLOYMENT_BACKWARDS = 任职结束日 { $left } 早于开始日 { $hired }
EMPLOYMENT_BACKWARDS_CURE = 请改正日期；left_on 是最后工作日
NO_PEOPLE = 文件中没有人员{ $why }
NO_PEOPLE_CURE = 请为每个人添加一行
NAMES_DIFFER = 第 { $lines } 行工号同为 { $number }，姓名却不同
NAMES_DIFFER_CURE = 请给每个人自己的工号，或在该工号的各行写同一姓名
ZONES_DIFFER = 第 { $lines } 行工号同为 { $number }，时区却不同
ZONES_DIFFER_CURE = 请在该工号的各行写同一时区：一个人只有一个时区
EMPLOYMENTS_OVERLAP = 第 { $lines } 行工号同为 { $number }，任职日期重叠：{ $one } 与 { $other }
EMPLOYMENTS_OVERLAP_CURE = 每人只保留一行，或让各段任职日期互不重叠：left_on 是其最后一天
DAYS = { $from } 至 { $to }
TWO_LINES = { $one }、{ $other }
NO_END = 无结束日
MOVED = { $before } 至 { $until }；{ $after } 自 { $from }
NO_ACCOUNTS = 文件中没有账号{ $why }
NO_ACCOUNTS_CURE = 请为每个平台账号添加一行
ACCOUNT_ROWS_DIFFER = 该账号各行的 zone、team 或 exclusive 不一致
ACCOUNT_ROWS_DIFFER_CURE = 请在其各行写成一样
PHASES_ON_ONE_DAY = 该账号有两个阶段从同一天开始
PHASES_ON_ONE_DAY_CURE = 请给每个阶段各自的第一天
SLASH_IN_NAME = “{ $text }”含有斜杠
SLASH_IN_NAME_CURE = 平台、店铺和账号中请不要用斜杠
NO_EMPLOYMENT_KIND = “{ $text }”不是用工形式
NO_EMPLOYMENT_KIND_CURE = 请写 full_time（全日制）、part_time（非全日制）、fixed_term（固定期限）、intern（实习）、agency（劳务派遣）、outsourced（外包）或 freelance（劳务合同），或留空
NO_CONTRIBUTORS = “{ $text }”不是协作者
    .role = “{ $text }”不是协作者：“{ $role }”不是角色
    .twice = “{ $text }”中 { $named } 出现了两次
    .many = “{ $text }”中的协作者超过一条记录最多可有的 { $max } 位
NO_CONTRIBUTORS_CURE = 请写 角色=工号，多个之间用 ; 分隔，角色为 first_answer（首次应答）、closer（成交）和 after_sales（售后），例如 first_answer=A001;closer=A007
    .twice = 请去掉其中一个：同一角色中每人只有一份；aliases.csv 中的别名与工号指同一人时也算重复
    .many = 请减少到最多 { $max } 位
POLICY_SPLIT = 请填写 version，以及合计为 100 的百分比 first_answer、closer 和 after_sales
NO_PHASE = “{ $text }”不是账号阶段
NO_PHASE_CURE = 请写 shared、mixed 或 named
CORRECT_THE_DATES = 请改正日期
ALIAS_IS_A_NUMBER = { $alias } 是另一个人的工号
ALIAS_IS_A_NUMBER_CURE = 写它的记录会被读成那个人：请更换别名
ALIAS_OF_TWO = { $alias } 在同一时间是两个人
ALIAS_TWICE = 多行将 { $alias } 给予同一人，且日期重叠
ALIAS_OF_TWO_CURE = 请给每行写明互不重叠的起止日期
DEVICE_OF_NOTHING = 既无工号也无座席，不知该设备属于谁
DEVICE_OF_BOTH = 同时填写了工号（employee_no）和座席
DEVICE_OF_BOTH_CURE = 请填写工号或座席，另一项留空
DEVICE_TWICE = 多行将 { $device } 自同一日起归属同一人或座席，但结束日期不同

## The bundle: whom and what a row means

NOT_IN_PEOPLE = people.csv 中没有 { $number }
NOT_IN_PEOPLE_CURE = 请在 people.csv 中补上此人，或改正工号
ROWS_OF_NUMBER_REJECTED = people.csv 中 { $number } 的各行已被拒收
ROWS_OF_ACCOUNT_REJECTED = accounts.csv 中 { $account } 的各行已被拒收
ROWS_OF_RECORD_REJECTED = records.csv 中 { $account } 的记录 { $record } 的各行已被拒收
ROWS_OF_ALIAS_REJECTED = aliases.csv 中 { $platform } 上别名 { $alias } 的各行已被拒收
ROWS_REJECTED_CURE = 请先改正那些行：rejected.csv 逐行写明了改法
NAME_FOR_NUMBER = { $text } 是姓名，此处应为工号（是指 { $near } 吗？）
NAME_FOR_NUMBER_CURE = 请写工号：别名只在 records.csv 的 agent 和 contributors 列中可以代替工号
    .agent = 请写工号，或在 aliases.csv 中登记别名
LOST_ZEROS = people.csv 中没有 { $text }（是指 { $near } 吗？）
LOST_ZEROS_CURE = 表格软件会去掉前导零：请将该列导出为文本
GROUPED_NUMBER = people.csv 中没有 { $text }（是指 { $near } 吗？）
GROUPED_NUMBER_CURE = 表格软件给数字加了千位分隔符：请将该列导出为文本
ONE_OF_TWO = { $one } 或 { $other }
SEVERAL_STORES = 多个店铺都有账号 { $account }
SEVERAL_STORES_CURE = 请写成 平台/店铺/账号
ACCOUNT_UNKNOWN_CURE = 请在 accounts.csv 中补上此账号，或改正名称
UNKNOWN_AGENT = { $agent } 既不在 people.csv 中，也不是 { $platform } 上的别名
ALIAS_NOT_THEN = { $platform } 上的别名 { $agent } 在 { $day } 不适用
UNKNOWN_AGENT_CURE = 请在 people.csv 中补上此人或在 aliases.csv 中补上别名，或将 agent 留空

## The bundle: records and duty

NO_RECORD_USABLE = 没有可用的记录{ $why }
NO_RECORD_IN_PERIOD = 没有记录在 { $from } 至 { $to } 之间开始{ $others }{ $why }
RECORDS_OUTSIDE = （有 { $count } 条在此之外）
NO_RECORDS_CURE = 请给出记录所在的日期（--from 与 --to，或 group.yaml 中的 period），并改正被拒收的行
OUTSIDE_PERIOD = { $count } 条记录不在 { $from } 至 { $to } 之间开始，未计入（如 { $example }）
OBSERVATIONS_OUTSIDE = { $count } 条观测值不涉及 { $from } 至 { $to } 之间的日期，不计入该期间（例如 { $example }）
NO_PERIOD = 没有记录能说明要结账的期间
NO_PERIOD_CURE = 请给出日期（--from 和 --to，或 group.yaml 的 period）
NO_RATE = “{ $text }”不是汇率
NO_RATE_CURE = 请只写数字和至多一个小数点，例如 7.1234，小数最多 { $places } 位，总共最多 18 位
RATE_NOT_ABOVE_0 = 汇率必须大于 0
RATE_NOT_ABOVE_0_CURE = 请写一单位前一种货币折合多少后一种货币
RATE_OF_ONE_CURRENCY = 这是货币对其自身的汇率
RATE_OF_ONE_CURRENCY_CURE = 请在其中一列写另一种货币
RATES_CONTRADICT = 有几行对同一天、同两种货币写了不同的汇率：{ $rates }
POPULATION_WITHOUT_PEOPLE = population 所写的条件下，{ $from } 至 { $to } 没有任何在职人员
POPULATION_WITHOUT_PEOPLE_CURE = 请按 people.csv 中相应人员的写法填写，或去掉 population（{ $said }）
POPULATION_COLUMN = { $column }：{ $words }
POPULATION_OF_NOBODY = people.csv 中没有人的 { $column } 是“{ $word }”{ $hint }
TOO_MANY_REPLIES = 消息超过 { $most } 行
TOO_MANY_RECORDS = 周期内的记录超过 { $most } 条
TOO_MANY_RECORDS_CURE = 请按分公司或按周分别结算
SEVERAL_MONTHS = 记录分布在 { $count } 个月（{ $months }）
SEVERAL_MONTHS_CURE = 请说明要结算的日期，例如 --from { $from } --to { $to }
RECORD_BACKWARDS = 结束时间 { $end } 早于开始时间 { $start }
RECORD_BACKWARDS_CURE = 请改正时间，或对调两列
SHORTENED_ID_KEPT = 有 { $count } 行的号码被表格软件截短成了前几位（如 { $example }）：请导出为文本；按原样采用
SHORTENED_CUSTOMER = 有 { $count } 行的号码被表格软件截短成了前几位（如 { $example }）：请导出为文本；按空处理
VALUE_LOST_EMPTY = { $count } 个单元格是表格软件代替数值显示的错误（如 { $example }），按空处理
VALUE_LOST_KEPT = { $count } 个单元格是表格软件代替数值显示的错误（如 { $example }），按原样处理
NO_VALUE_TAKEN_AS_EMPTY = { $count } 个单元格表示无值（如 { $example }），按空处理
UNSEEN_LEFT_OUT = { $count } 个单元格含有看不见的字符，已去掉后读取（如 { $example }）
DECIMAL_TAKEN_AS_WHOLE = { $count } 个整数写成了小数，已按整数读取（如 { $example }）
ZEROS_APART = { $count } 行的号码（如 { $example }）在其他行中带有前导零：按不同号码处理；表格软件会丢掉前导零，请将该列导出为文本
CONTRIBUTORS_NOBODY = 有 { $count } 处协作者在记录当日既不在 people.csv 中，也不在 aliases.csv 中（如 { $example }）：记录照常计入，其份额归其他协作者；请在 people.csv 中补上此人或在 aliases.csv 中补上别名，或改正名称，然后重新结账
LONG_RECORDS = { $count } 条记录持续 { $hours } 小时或更久（如 { $example }）：其时间可能来自无人关闭的会话
REPLY_WITHOUT_RECORD = records.csv 中 { $account } 没有记录 { $record }{ $hint }
    .elsewhere = records.csv 中 { $account } 没有记录 { $record }，而 { $other } 有
REPLY_WITHOUT_RECORD_CURE = 请在 records.csv 中补上该记录（若其行无法读取，见 rejected.csv），或改正账号或编号
REPLIES_ABOVE_MOST = { $account } 的记录 { $record } 有 { $count } 条消息：只取最早的 { $most } 条，自 { $at } 起的其余 { $rows } 条未取
CLAIM_OF_BOTH = 同时填写了记录 { $record } 和顾客 { $customer }
CLAIM_OF_BOTH_CURE = 请只保留其一；两者都不填则认领该账号上的下一条记录
REPLIES_ABOVE_MOST_CURE = 请重新导出该记录：如此多的消息应是多条记录共用了一个编号
REPLIES_OUTSIDE_PERIOD = { $count } 条消息所属的记录不在 { $from } 至 { $to } 之间开始，未计入（如 { $example }）
CLAIMS_OUTSIDE_PERIOD = { $count } 次认领不在 { $from } 至 { $to } 之间作出，未计入（如 { $example }）
RECORD_TOO_LONG = 持续了 { $days } 天，从 { $start } 到 { $end }
RECORD_TOO_LONG_CURE = 请改正日期：记录不会超过 { $most } 天
NO_ROWS = 只有表头，没有数据行
NO_ROWS_CURE = 请重新导出该月的记录，并带上数据行
DUPLICATE_RECORD = 此编号以相同内容出现多次：只计一次（略去 { $count } 行）
    .revised = 此编号有多个修订版本：以 { $revision } 为准（略去较早的 { $count } 行）
DUPLICATE_ROW_REVISED = 同一观测值有多个修订号：以 { $revision } 为准（略去较早的 { $count } 行）
REFUND_PAYS_NOTHING = 该行指向另一条记录，即为退款，但金额不为负
REFUND_PAYS_NOTHING_CURE = 请以负数填写退款金额，或将 refers_to 留空
REVISED_TWICE = 该行同时填写了修订号和修改时间
REVISED_TWICE_CURE = 请只填写其中一个
NO_CURRENCY = “{ $text }”不是货币
NO_CURRENCY_CURE = 请填写 ISO 4217 代码，如 JPY，或留空表示集团货币
NO_REVISION = “{ $text }”不是修订号
NO_REVISION_CURE = 请填写 0 以上的整数，或留空
ID_TWICE_DIFFERENT = { $id } 在 { $account } 中出现 { $count } 次，内容不同
ID_TWICE_SAME = { $id } 在 { $account } 中出现 { $count } 次，内容相同
ID_TWICE_CURE = 请保留正确的一行，或给每条记录各自的 external_id
ID_TWICE_SHORTENED_CURE = 表格软件把编号截短成了前几位：请将该列导出为文本
SHIFT_BACKWARDS = 班次结束时间 { $end } 不晚于开始时间 { $start }
SHIFT_BACKWARDS_CURE = 夜班在次日结束：请写次日的日期
SECOND_OF_TWO = 时钟回拨，{ $count } 行的结束时间取第二次出现的那一刻：第一次早于开始时间（如 { $example }）
    .reply = 时钟回拨，{ $count } 条消息的时间取第二次出现的那一刻：第一次不在其记录的起止时间内（如 { $example }）
FIRST_OF_TWO = 时钟回拨，{ $count } 行中未写时差而出现两次的时间取第一次（如 { $example }）：请写明时差以指明是哪一次
LONG_SHIFT = 从 { $start } 到 { $end } 的班次不短于 { $hours } 小时
LONG_SHIFT_CURE = 请改正时间；若为多个班次，请每班写一行
SHIFT_ENDS_DIFFER = 第 { $lines } 行是同一人在同一账号自 { $start } 起的班次，但结束时间不同（{ $one }、{ $other }）
SHIFT_SEATS_DIFFER = 第 { $lines } 行是同一人在同一账号自 { $start } 起的班次，但座席不同
KEEP_THE_RIGHT_ROW = 请只保留正确的一行
PUNCH_BOTH_WAYS = 第 { $lines } 行是 { $number } 在同一时刻 { $at } 的上班与下班打卡
HANDOVER_BOTH_WAYS = 第 { $lines } 行中，{ $number } 在同一时刻 { $at } 既接管又交出 { $account }
HANDOVERS_AT_ODDS = 第 { $lines } 行是 { $account } 在同一时刻 { $at } 的交接，不可能同时成立
PUNCHES_ODD = 打卡次数为奇数：{ $count }；最后一次 { $at } 无法配对（{ $night }）
PUNCHES_SINGLE = 仅有一次打卡 { $at }，无法配对（{ $night }）
PUNCHES_NIGHT = 夜班需要 rosters.csv，或将 policy.yaml 的 cut_over 设在无人上班的时刻
PUNCHES_BETWEEN = 首末次之间的打卡未计入：{ $count } 次
PUNCHES_ALONE = { $at } 的打卡无法配对，不构成在岗时段：请补上缺少的打卡
PUNCHES_LONG = 在岗时段超过 13 小时，自 { $from } 至 { $to }：若为两个夜班之间的休息，请填写 kind 列或 rosters.csv
PUNCHES_AS_NIGHTS = 跨越工作日的在岗时段：{ $count } 个（第一个自 { $from } 至 { $to }）；若按工作日逐日计，其间的休息会计为在岗；填写 kind 列或 rosters.csv 可以确定
PUNCHES_EITHER_WAY = 自 { $from } 至 { $to } 的打卡首末两次均无法配对，可能是白班，也可能是夜班：按白班计；填写 kind 列或 rosters.csv 可以确定
NEITHER_WORD = “{ $text }”既不是 { $one } 也不是 { $other }
NEITHER_WORD_CURE = 请写 { $one } 或 { $other }
NO_SUBJECT_KIND = “{ $text }”不是对象类型
NO_SUBJECT_KIND_CURE = 请写以下之一：{ $kinds }
UNIT_OF_NOBODY = people.csv 中无人、accounts.csv 中也无账号属于组织单元 { $unit }{ $hint }
UNIT_OF_NOBODY_CURE = 请更正组织单元的路径
STORE_UNKNOWN = accounts.csv 中没有属于 { $store } 的账号{ $hint }
STORE_UNKNOWN_CURE = 请按 accounts.csv 填写平台和店铺，以 / 分隔
NEITHER_DAYS_NOR_TIME = 既未说明日期，也未说明时刻
DAYS_AND_TIME = 既说明了日期，又说明了时刻
DAYS_AND_TIME_CURE = 关于某一时刻的，请将 from 和 to 留空；关于某些日期的，请将 at 留空
NEITHER_DAYS_NOR_TIME_CURE = 请填写 from（多于一天时再填 to）或 at，二者填其一
NO_KIND_OF_FINDING = 没有这种提示
NO_KIND_OF_FINDING_CURE = 请删除此文件：只有结果文件夹的 inputs/ 中才有它
NO_COUNT = 它不是计数
DELETE_THE_FILE = 请删除此文件

## The bundle: settings. A sentence goes on from the name of the setting

SETTING = { $path } { $problem }
SETTING_WRONG = 有误：{ $reason }；{ $cure }
SETTING_GROUPED = “{ $text }”带有分组符；无论 group.yaml 的 `numbers` 如何规定单元格，YAML 文件中的数字都不带分组符：请写 { $plain }
SETTING_GROUPED_OR_DECIMAL = “{ $text }”可能带有分组符；无论 group.yaml 的 `numbers` 如何规定单元格，YAML 文件中的数字都不带分组符：请写 { $plain }，如指小数则写 { $decimal }
SETTING_MISSING = 缺失
SETTING_NO_MAPPING = 不是“键: 值”的映射
FILE_NO_MAPPING = 文件不是“键: 值”的映射
SETTING_NO_TEXT = 不是文本
SETTING_TEXT_LENGTH = 为空或超过 200 个字符
SETTING_WITH_NUL = 含有字符 NUL（U+0000）：请去掉
SETTING_NOT_ONE_OF = 写的是“{ $text }”，应为其中之一：{ $words }
SETTING_NO_DECIMAL = 写的是“{ $text }”，不是最多六位小数的数
SETTING_NOT_BETWEEN = 写的是 { $number }，不是 { $least } 至 { $most } 之间的数
SETTING_LOSSY_DECIMAL = 写的是“{ $text }”，这样写会丢失精度：请加引号
SETTING_NO_WHOLE = 写的是“{ $text }”，不是 { $least } 至 { $most } 的整数
SETTING_NO_LIST = 不是列表
SETTING_PAIR_NO_TEXT = 有的键不是文本
SETTING_NO_VALUE = 没有值
SETTING_UNKNOWN_NEAR = 不是已知的键（是指 { $near } 吗？）
SETTING_UNKNOWN = 不是已知的键（已知的有 { $known }）
SETTING_EMPTY = 为空
SETTING_NOT_ABOVE_0 = 不大于 0
SETTING_BELOW_0 = 小于 0
GROUP_CURRENCY = 不是三个大写字母的代码，例如 CNY
GROUP_CURRENCY_UNKNOWN = 是 { $code }，不是 ISO 4217 的现行货币代码：请写例如 CNY
GROUP_PERIOD_BACKWARDS = 是 { $to }，早于 from 的 { $from }
GROUP_PERIOD_TOO_LONG = 使期间长达 { $days } 天，而一次最多结算 { $most } 天：请分段结算
GROUP_REGION = 把 { $branch } 放入区域 { $region }：请用 1 至 32 个 a-z、0-9 和 - 组成，例如 cn-east
GROUP_SAME_SIGN = 与 decimal 是同一个符号
POLICY_CUT_OVER = 不是 "00:00" 至 "11:59" 之间的时间（请加引号）
SCHEME_WEIGHTS = 权重之和为 { $sum }，不是 100
SCHEME_ID_TAKEN = 与前面的 KPI 相同
SCHEME_WEIGHT = 不大于 0：不需要的 KPI 请直接删去
SCHEME_CAP = 是 { $cap }，不高于下限 { $floor }
SCHEME_RANGE = 比下限 { $floor } 高出 { $most } 以上
SCHEME_SMALL_SAMPLE = 只对占比与均值有意义：请删去
SCHEME_OF_RECORDS = 对 measure records 没有意义
SCHEME_OF_UNDEFINED = 所写的“{ $measure }”不在 measures 之中{ $hint }
SCHEME_OF_MISSING = 缺失：它说明要度量哪一列
SCHEME_OF_RESOLVED = 是“是/否”列，只有占比，没有总和与均值
SCHEME_TEST_MISSING = 不完整：at_most 与 at_least 之一说明哪些记录算数
SCHEME_TEST_USELESS = 不完整：at_most 与 at_least 在此没有意义
SCHEME_MEASURES_TEXT = { $kpi } 度量 { $column }，而该列是文本
    .cell = 第 { $line } 行：{ $reason }
    .odd = { $kpi } 度量 { $column }，而该列有 { $count } 个单元格不是数字，因此是文本列：{ $cells }
SCHEME_MEASURES_NOTHING = { $kpi } 度量 { $column }，而 records.csv 没有这样有值的列{ $hint }
SCHEME_MEASURES_CURE = 请写 records.csv 中的一个数字列
    .odd = 请改正这些单元格，或写 records.csv 中的一个数字列
SCHEME_MEASURES_UNCOMPUTED = { $path }（KPI { $kpi }）度量的内容无法计算
MEASURE_UNKNOWN_CURE = 可度量：记录数、已解决占比、first_reply_seconds at_most 30 的占比、rating at_least 4 的占比、amount 之和，某个附加列的均值，其他内容请在 measures 下定义后使用
POOL_CURRENCY = 是 { $currency }，而集团金额以 { $group } 计
POOL_BELOW_0 = 为负：请写要分配的金额，须大于 0
POOL_ZERO = 是 0：没有可分配的金额时请不要放此文件
POOL_SHARES = 各份额之和为 { $sum }，不是 100
POOL_SHARE = 不大于 0：不需要的部分请直接删去
POOL_TIERS_ELSEWHERE = 只在 by: tiers 时有意义
POOL_TIERS_MIXED = 混用了 top_percent 与 at_least：各档请统一用其中一种
POOL_TIERS_PERCENT = 各档 top_percent 之和为 { $sum }，不是 100
POOL_TIERS_RISE = 各档的 at_least 没有逐档降低
POOL_TIERS_WEIGHTS_RISE = 有的档权重高于更好的档：请把最好的一档写在最前，权重逐档不增
POOL_TIERS_WEIGHTLESS = 权重全部为 0
POOL_TIER_RULE = 与 at_least 必须且只能写一个
POOL_TIER_NAME_TAKEN = 与前面的档同名
POOL_PERCENT_TOO_FINE = 是 { $percent }：百分比最多写四位小数
POOL_TIER_WEIGHT = 大于 1000000
POOL_SHARE_TOO_FINE = { $percent } % 的小数超过四位
POOL_SHARE_TOO_FINE_CURE = 份额与比例最多写四位小数
OTHER_PERIOD = 它属于 { $from } 至 { $to }，而要结算的是 { $closed_from } 至 { $closed_to }
OTHER_PERIOD_CURE = 请改正其 period，或不写 period
POOL_IN_EMPTY_PERIOD = 有奖金，但 people.csv 中没有人在 { $from } 至 { $to } 任职
POOL_WITHOUT_PEOPLE_CURE = 请改正 hired_on 与 left_on，或不放奖金池
SAVE_FILE_AS_UTF_8 = 请将文件另存为 UTF-8
JOINED = { $one }{ $other }

## The command line: what cannot be done

STEP_FAILED = 步骤：{ $step }
NOBODY_CREDITED_AT_ALL = 没有任何一条记录产生时有人在岗，也没有记录写明客服
    .people = 有 { $rows } 行被拒收，其余人员在任何一条记录产生时都不在岗
    .duty = 没有任何一条记录产生时有人在岗，而排班、打卡或交接有 { $rows } 行被拒收
NOBODY_EMPLOYED = { $from } 至 { $to } 期间没有任何在职人员：读取了 { $people } 人，{ $rejected ->
    [0] 没有行被拒收
   *[other] 另有 { $rejected } 行被拒收
}
NOBODY_EMPLOYED_CURE = 请改正 hired_on 与 left_on，或改正期间
RECORD_RATE_MISSING_CURE = 请在 rates.csv 中写入当日或更早日期的汇率及来源（列：date、from、to、rate、source）
NOBODY_CREDITED_CURE = 请提供这些日子的 rosters.csv、punches.csv 或 handovers.csv，或改正其中的账号与时间
    .rejected = 请先改正这些行：rejected.csv 逐行写明了改法
OUT_NOT_EMPTY = 结果文件夹不为空
OUT_IN_USE = 另一次运行正在写入该文件夹
OUT_NOT_EMPTY_CURE = 请用 --out 指定另一个文件夹，或先移走它
BUNDLE_NOT_EMPTY = 文件夹不为空
BUNDLE_NOT_EMPTY_CURE = 请用 --bundle 指定另一个文件夹，或先移走它
CLOSE_INTERRUPTED = 您已中断：{ $folder } 中没有留下任何文件，重新执行同一命令即可
FINDINGS_ARE_IN = { $file } 写明了注意到的情况
REJECTED_ROWS_ARE_IN = { $file } 列出了每一条被拒收的行
REJECTED_ROWS_UNWRITTEN = 有行被拒收，但 { $file } 无法写入
STORE_IN_USE = 另一个 tally 进程正在使用 { $folder } 中的数据，SQLite 存储同一时间只能由一个进程使用：请先停止该进程，或用 --set database.url=sqlite://文件夹/{"{"}service{"}"}.db 指定其他数据
CURE_AND_REJECTED = { $cure }；{ $file } 列出了每一行被拒收的内容
NOT_IN_MONTH = 本周期中没有编号为 { $what } 的记录，也没有这个人：请写 records.csv 的 external_id（如 { $record }），或 people.csv 的 employee_no 或姓名（如 { $person }）
NO_MANIFEST = 其中没有 manifest.json，因此不是结果文件夹
MANIFEST_DOUBLE = 其中文件 { $file } 出现了两次
MANIFEST_ELSEWHERE = 其中的文件 { $file } 不是该文件夹中的文件
NO_MANIFEST_CURE = 请给出 tally close（用 --out）写出的文件夹
BAD_MANIFEST = { $error }
RESTORE_FOLDER_CURE = 请从备份处恢复该文件夹
SUITE_NAMES_ANOTHER_PERSON = 套件提到了数据包中没有的人员 { $id }：这是我方的错误
SUITE_NAMES_ANOTHER_ACCOUNT = 套件提到了数据包中没有的账号 { $id }：这是我方的错误
SUITE_LISTS_LESS = 套件没有列出刚写入的内容：这是我方的错误
CYCLE_WATCH_ENDED = 服务在周期关闭之前就不再报告进度：请重做一次
RECORDS_DO_NOT_ADD_UP = 送入 { $sent } 条记录，周期计得 { $counted } 条，结果有 { $told } 条：这是我方的错误
CANNOT_MAKE_FOLDER = 无法新建文件夹 { $folder }：{ $error }
CANNOT_READ = 无法读取 { $file }：{ $error }
CANNOT_WRITE = 无法写入 { $file }：{ $error }

## The command line: pages

SETTING_CANNOT_HOLD = 设置 { $key }：{ $problem }
SETTING_SET_IN = { $problem }（{ $place }）
SETTING_IN_FILE = 写在文件 { $file } 中
SETTING_IN_VARIABLE = 来自环境变量 { $name }
SETTING_ON_COMMAND_LINE = 来自命令行
SETTING_NOT_KNOWN = 没有这个设置；此处有 { $known }
SETTING_EXPECTED = 现为 { $found }，应为{ $expected }
    .alone = 应为{ $expected }
SETTINGS_NOT_TOML = 该文件不是 TOML：每行应为 [节] 或 键 = 值
    .at = 该文件自第 { $line } 行第 { $column } 列起不是 TOML：每行应为 [节] 或 键 = 值，文本须加引号
SETTING_FILE_MISSING = 没有文件 { $file }
SETTING_FILE_EMPTY = { $file } 是空的
SETTING_SERVICE_UNKNOWN = 没有服务 { $name }；有 { $known }
SETTING_SERVICES_NONE = 请至少写明其中之一：{ $known }
SETTING_PEER_MISSING = { $name } 不在本进程中（server.services）：请写明其地址 https://host:port
SETTING_AT_LEAST_ONE = 至少为 1
SETTING_AT_MOST = 最多为 { $most }
SETTING_SERVICE_TWICE = { $name } 重复：每个服务只写一次
SETTING_DATABASE_URL = 应为 sqlite://DIRECTORY/{"{"}service{"}"}.db 或 postgres://tally_{"{"}service{"}"}:PASSWORD@HOST/DATABASE
SETTING_SERVICE_IN_URL = 每个服务使用自己的文件：请在文件名中写上 {"{"}service{"}"}，即 sqlite://DIRECTORY/{"{"}service{"}"}.db；文件夹以 / 开头时为 sqlite:///DIRECTORY/{"{"}service{"}"}.db
    .role = 每个服务以自己的角色登录：请把角色写成 tally_{"{"}service{"}"}，即 postgres://tally_{"{"}service{"}"}:PASSWORD@HOST/DATABASE
SETTING_PEER_IN_CLEAR = { $address } 不在本机：应为 https://host:port
SETTING_NO_NETWORK = “{ $text }”不是网段：请写地址加前缀长度，例如 10.0.0.0/8
SETTING_NO_ORIGIN = “{ $text }”不是来源：请用小写写出协议与主机，不带路径，例如 https://hr.example；* 表示全部
SETTING_CERTIFICATE_AND_KEY = 证书与私钥须成对：请都设置，或都不设置
SETTING_HTTP_IN_CLEAR = { $ip } 对外监听，而网关不使用 TLS：请让它监听本机回环地址，由支持 TLS 的代理转发；仅当网络本身加密时设置 server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay
SETTING_LISTEN_IN_CLEAR = { $ip } 对外监听：请设置 server.tls_certificate 与 server.tls_key
SETTING_KEYS_GENERATED = { $ip } 对外监听，不能使用自动生成的密钥：请指定文件夹
SETTING_PASSPHRASE_TWICE = 同时设置了 keys.passphrase：只能设置其中一个
SETTING_LOG_LEVELS = “{ $part }”既不是级别（{ $levels }），也不是“模块=级别”（例如 tally_store=debug）；多项之间用逗号分隔
SETTING_AUTHORITY_ALONE = 它指明调用方证书的签发机构，而本服务器不使用 TLS：请同时设置 server.tls_certificate 与 server.tls_key
SETTING_NO_CERTIFICATE = 文件 { $file } 中没有可读取的证书：请指定含有 -----BEGIN CERTIFICATE----- 的 PEM 文件
SETTING_NO_PRIVATE_KEY = 文件 { $file } 中没有可读取的私钥：请指定含有 -----BEGIN PRIVATE KEY----- 的 PEM 文件，且未加密
SETTING_KEY_OF_ANOTHER = { $file } 中的私钥与 { $certificate } 中的证书不成对：请指定与该证书配套的私钥
SETTING_CERTIFICATE_OVER = { $file } 中的证书已过期：有效期至 { $until }，而本机时钟为 { $now }。请向其签发者申请新证书；若时钟不准，请校正时钟
    .early = { $file } 中的证书尚未生效：自 { $from } 起有效，而本机时钟为 { $now }。若时钟不准，请校正时钟；否则请等待，或指定之前的证书
SETTING_CERTIFICATE_OF_ANOTHER = { $file } 中的证书不是由 { $authority } 中的机构签发的，而本进程与它所调用的服务（peers）凭该机构互相识别：请指定签发它的机构，或指定由该机构签发的证书
SETTING_REDIS_URL = 应为 redis://主机:端口，使用 TLS 时为 rediss://主机:端口；密码写在主机之前，即 redis://:密码@主机:端口
SETTING_ENDPOINT = 应为采集器的地址，例如 http://127.0.0.1:4317
SAMPLE_NEEDS_ALL = --sample 需要全部服务在同一进程中，但未写明 { $name }
EXPECT_ADDRESS = 地址与端口，例如 127.0.0.1:7070
EXPECT_ONE_OF = 以下之一：{ $words }
EXPECT_WHOLE_NUMBER = 整数
    .to = 整数，从 0 至 { $most }
EXPECT_TRUE_OR_FALSE = true 或 false
EXPECT_TEXT = 文本
EXPECT_LIST = 列表，例如 ["a", "b"] 或 a,b
EXPECT_OTHER = 另一种值
EXPECT_UUID = UUID
EXPECT_DATE = 日期，例如 2026-03-31
EXPECT_INSTANT = 带时差的时刻，例如 2026-03-31T09:00:00+08:00
EXPECT_FROM_TO = { $from } 至 { $to }
ARG_VALUE_WRONG = { $arg }：“{ $value }”不可用；应为：{ $expected }
ARG_WITHOUT_VALUE = { $arg } 需要一个值
ARG_VALUES_WRONG = { $arg }：值的个数不对
ARG_UNKNOWN = 没有参数 { $arg }
    .near = 没有参数 { $arg }；是指 { $near } 吗？
COMMAND_UNKNOWN = 没有命令 { $name }
    .near = 没有命令 { $name }；是指 { $near } 吗？
COMMAND_MISSING = 请写明命令：{ $known }
ARG_MISSING = 缺少：{ $arg }
ARG_CONFLICT = { $arg } 不能与 { $other } 同时使用
ARG_NOT_TEXT = 有参数不是 UTF-8 文本
ARG_USAGE = 用法：{ $usage }（详见 --help）
IO_NOT_FOUND = 不存在
IO_PERMISSION_DENIED = 当前用户没有权限
IO_ALREADY_EXISTS = 已经存在：请换一个名称，或先移走它
IO_IS_A_FOLDER = 它是文件夹
IO_NOT_A_FOLDER = 路径中有一段不是文件夹
IO_FOLDER_NOT_EMPTY = 文件夹不为空
IO_DISK_FULL = 磁盘已满
IO_READ_ONLY = 磁盘只读
IO_ADDRESS_IN_USE = 另一个程序正在监听该地址
IO_ADDRESS_NOT_HERE = 本机没有该地址
IO_NOT_TEXT = 不是 UTF-8 文本
IO_NOBODY_LISTENS = 该处没有程序在监听
IO_NO_ANSWER = 未在规定时间内应答
IO_NO_WAY_THERE = 本机无法到达该处
IO_NO_SUCH_HOST = 没有这个主机名
IO_FOLDER_CLOSED = 其文件夹不允许写入
TLS_SAYS = TLS 库报告：{ $cause }
SERVER_SAYS = 它说：{ $cause }
IO_OTHER = 系统报告：{ $cause }
CURE_ALREADY_DIFFERENT = 若套件中的数据正确，请改正该行；若该行正确，请在套件中更正：导入从不覆盖已有数据
CURE_DIFFERENT_CONTENT = 若套件中的数据正确，请改正该行，若该行正确，请填写更高的修订号：没有修订号，导入从不覆盖已有数据
CURE_REFERS_TO_NOTHING = 请先导入它所指的记录，或改正 refers_to
CURE_PERSON_UNKNOWN = 请在 people.csv 中加入此人后重新导入
CURE_ACCOUNT_UNKNOWN = 请在 accounts.csv 中加入该账号后重新导入
CURE_ALIAS_OVERLAP = 请让该别名的一种含义先结束（to 列），另一种再开始
CURE_PLACE_WRONG = 请改正 accounts.csv 中的团队，或 group.yaml 中其分公司的区域
CURE_OUT_OF_REACH = 请由权限覆盖其团队的人导入该行（团队可能已调到其他分公司），或去掉该行
CURE_RECORD_OUT_OF_REACH = 请由该行当天拥有该账号团队的一方或集团导入该行
CURE_REPLY_RECORD_UNKNOWN = 请将该记录与其消息一同导入，或由可导入其当天记录的人导入
CURE_CLAIM_WITHDRAWN = 请去掉此行：该认领已注明原因撤回
CURE_ROWS_CONTRADICT = 请只保留正确的一行，再重新导入
CURE_KEPT_BACK = 请先改正本文件所述的那一行，或由权限覆盖它的人导入，再重新导入：本行会随之导入
CURE_PERIOD_PURGED = 请先延长这些月份数据的保存期限（SetRetention，最多 120 个月），再重新导入，或去掉该行
CURE_REFUSED_ROW = 请改正所述内容后重新导入：已导入的行会计为“已存在”
    .file = 请改正所述内容，或去掉该行

SHOW_NOT_DONE = 未能完成
SHOW_NOT_DONE_STEP = { $step }：{ $why }
SHOW_REST_IS_THERE = 此前的结果均已写入结果文件夹；排除原因后，用另一个 --out 重新执行同一命令即可完成其余步骤。
RUNG_TAG = 平台已实名
RUNG_HANDOVER = 交接记录唯一占用
RUNG_SOLE = 当时仅一人在岗
RUNG_INFERRED = 按忙闲推断
RUNG_EQUAL = 在岗者平分
RUNG_SPLIT = 由协作者分摊
RUNG_CLAIM = 点击认领
RUNG_DEVICE = 按所用设备
RUNG_REPLIES = 按回复时间区分
RUNG_TAG_SHARE = 按相近记录的署名分摊
RUNG_TEAM = 无在岗证据，全组平分
RUNG_UNATTRIBUTED = 未归属
STEP_DUTY = 人员、账号与出勤
STEP_RECORDS = 写入记录
STEP_REPLIES = 写入记录的消息
STEP_CLAIMS = 写入认领
STEP_RATES = 汇率
STEP_OBSERVATIONS = 观测值
STEP_CYCLE = 归属与评分
STEP_PUBLISH = 发布
STEP_SETTLEMENT = 结算
STEP_CREDITS = 导出归属
STEP_TOTALS = 导出合计
STEP_CARDS = 导出成绩单
STEP_STATEMENTS = 导出结算单
STEP_FINDINGS = 导出提示
STEP_INPUTS = 保存输入
PROGRESS_READING = 读取文件
PROGRESS_MAKING = 生成虚构的月份
PROGRESS_COUNTING = 清点已有数据
PROGRESS_ROWS = 导出数据行
KIND_MISSING_PUNCH = 上下班打卡缺一次
KIND_UNCOVERED_SHIFT = 已排班，但当日只在其他时间打卡：该班次不计
KIND_BARELY_COVERED_SHIFT = 已排班，但当日打卡属于另一班次：该班次至多计入边缘
KIND_HELD_BY_OTHERS = 已排班，但交接记录中账号只由他人持有：该班次不计
KIND_NOT_EMPLOYED = 当时未在职的人的班次、打卡或持有
KIND_DOUBLE_IN = 接连两次打卡计为上班，以后一次为准
KIND_OVERLAP = 同一账号同时被多人占用
KIND_MISSING_RELEASE = 接手账号后没有交还记录
KIND_RELEASE_WITHOUT_TAKE = 没有接手却交还账号
KIND_UNHELD_ACCOUNT = 账号无人在岗，或部分记录产生时无人在岗
KIND_NO_DUTY_EVIDENCE = 账号没有任何在岗证据，视为全组在岗
KIND_NOT_SETTLED = 奖金池无法结算
KIND_ODD_PUNCHES = 一天的打卡次数为奇数，最后一次无法配对
KIND_SINGLE_PUNCH = 一天只有一次打卡，无法配对
KIND_PUNCHES_BETWEEN = 一天首末次之间的打卡未计入
KIND_LONG_PRESENCE = 未注明方向的打卡构成超过 13 小时的在岗时段
KIND_READ_AS_NIGHT = 未注明方向的打卡按夜班计
KIND_DAY_OR_NIGHT = 未注明方向的打卡可能是白班或夜班：按白班计
KIND_TAG_OFF_DUTY = 记录写明的客服当时不在岗，仍以写明者为准
KIND_NAMED_WITHOUT_AGENT = 实名账号的记录没有写客服
KIND_MIXED_WITHOUT_TAG = 混用账号中没有写客服的记录
KIND_TOO_FEW_TO_INFER = 记录太少，无法推断，改为平分
KIND_SEVERAL_AT_ONCE = 同时接待多个会话，难以区分，改为平分
KIND_TOO_FEW_REPLIES = 人均回复太少，难以区分，改为平分
KIND_REPLIES_TOO_DENSE = 回复过于密集，无法按时间区分，改为平分
KIND_EVIDENCE_UNEVEN = 各人说明归属的比例相差很大：按各人未说明的比例加权
KIND_CLOCK_WITHOUT_SECONDS = 回复时间不带秒，改为平分
KIND_CLAIM_OFF_DUTY = 不在岗者的认领不计
KIND_CLAIM_WITHOUT_RECORD = 认领的会话没有记录
KIND_CLAIMS_DIFFER = 多人认领同一记录，或记录写明他人
KIND_DEVICE_OFF_DUTY = 不在岗者的设备不计
KIND_DEVICE_OF_SEVERAL = 同时属于多人的设备不计
KIND_DEVICE_OF_NOBODY = 使用时不属于任何人的设备：名称有误、座席无人排班，或登记的日期不符
KIND_EVIDENCE_NOT_READ = 政策版本不读取的认领、设备或消息时间
KIND_REPLY_OUTSIDE_RECORD = 早于或晚于其记录的回复不计
KIND_BREAKS_NOT_PUNCHED = 在岗时段内数小时没有工作：休息未打卡
KIND_CLOCKS_APART = 消息的时钟与记录的时钟相差数分钟，按记录的时钟读取
KIND_DID_NOT_SETTLE = 推断未收敛，改为平分
KIND_CONTRIBUTOR_UNKNOWN = 记录写明的协作者无此人
KIND_CONTRIBUTOR_OFF_DUTY = 记录写明的协作者当时不在岗，仍以写明者为准
KIND_CONTRIBUTORS_NOT_SPLIT = 记录写有协作者，而政策没有分摊
KIND_UNKNOWN_AGENT = 记录写明的客服查无此人
KIND_AMOUNTS_CONVERTED = 金额由其他币种折算而来
KIND_CONVERTED_ENCODING = 文件编码为 GBK 或 UTF-16，已转换
KIND_CONVERTED_SEPARATOR = 列以制表符或分号分隔，已识别
KIND_MISSING_COLUMN = 缺少一列，相关指标视为未测
KIND_UNKNOWN_COLUMN = 有一列无人使用，可能写错了名字
KIND_UNKNOWN_FILE = 有一个文件无人使用，可能写错了名字
KIND_EMPTY_FILE = 可选文件为空
KIND_DUPLICATE_RECORD = 同一记录重复出现，只计一次
KIND_DUPLICATE_ROW = 同一行重复出现，只计一次
KIND_OUTSIDE_PERIOD = 周期之外的记录（及其消息）、认领或观测值未计入
KIND_DAMAGED_ID = 编号、客户号或其他值可能被表格软件改动过
KIND_HOUR_TWICE = 时钟回拨，同一小时出现两次
KIND_NO_VALUE = 单元格内容表示无值（如 #N/A），按空处理
KIND_CLEANED_CELL = 读取时去掉了看不见的字符，或导出时多出的小数
KIND_LONG_RECORD = 记录持续一天或更久
KIND_REPLIES_TOO_MANY = 一条记录的消息多得不像一条记录
KIND_POPULATION_OF_NOBODY = 考核范围写了没有人具有的职位或职级
KIND_TRANSFER = 有人调动，组织单元、岗位或职级改变
KIND_REHIRE = 有人离职后重新入职
KIND_TEAM_WITHOUT_PEOPLE = 账号所属的团队没有人
KIND_BRANCH_WITHOUT_PEOPLE = 分公司没有人
KIND_MEASURE_NOT_SENT = 没有任何人有某项数据：其指标对所有人不计
KIND_OBSERVATIONS_BEYOND_PERIOD = 观测值超出期间：不计入任何结果
KIND_OBSERVATIONS_UNREAD = 没有指标使用观测值的度量；可能拼写有误
KIND_REFUND_EXCEEDS_SALE = 退款大于其销售
SHOW_HEADLINE = { $group }，{ $from } 至 { $to }
SHOW_SIZE = { $records } 条服务记录，{ $accounts } 个客服账号，{ $people } 人
SHOW_REJECTED = { $count } 行被拒收：rejected.csv 写明是哪些、为什么、怎么改
SHOW_NOT_SPLIT = 奖金池未结算
SHOW_SCORES_KEPT = 归属、成绩单与提示均已完整写出；改正后重新结算即可。
SHOW_NO_POOL = 没有奖金池，不结算
SHOW_NO_POOL_HINT = 在文件夹中放入 pool.yaml，成绩才会变成奖金。
SHOW_POOL = 奖金池
SHOW_AMOUNT = 总额
SHOW_TO_PEOPLE = 发给 { $people } 人
SHOW_TO_FUND = 团队基金
SHOW_THREE_STATEMENTS = 三张结算单，精确到分
SHOW_BESIDE_EQUAL = 若平均分配，每人约 { $equal }；按成绩分配后 { $more } 人多得（最多 +{ $most }），{ $less } 人少得（最多 { $least }）。
SHOW_STATEMENT_HEAD = { $name } { $number }：{ $total }（平均分配为 { $equal }）
SHOW_WORTH_A_LOOK = 值得一看（findings.csv 逐条列出）
SHOW_TIMINGS = 用时与摘要
SHOW_SECONDS = { $step } { $seconds } 秒
SHOW_IN_ALL = 共 { $total } 秒：{ $longest }
SHOW_SAME_DIGEST = 同样的文件，任何时间、任何机器都得到它
SHOW_WHO_SERVED = 谁服务了哪些客户，有多大把握
SHOW_CERTAIN = 其中 { $certain } 有实名或仅一人可能；{ $rest } 条未归属，逐条写明原因。
SHOW_BUSIEST = 最忙的公用账号（90 % 区间）
SHOW_WORTH = 补充证据可带来的改进
SHOW_WORTH_SAID = 预计归给了他人的记录所占比例：目前，以及补充各种证据之后。仅为预计，并非承诺；全部账号见 evidence.csv。
SHOW_COLUMN_NOW = 现状
SHOW_COLUMN_BREAKS = 休息打卡
SHOW_COLUMN_DEVICES = 30 % 带设备
SHOW_COLUMN_CLAIMS = 一半认领
SHOW_COLUMN_RECORDS = 记录数
SHOW_COLUMN_INTERVAL = 90 % 区间
SHOW_COLUMN_CERTAIN = 确定
SHOW_COLUMN_ACCOUNT = 账号
SHOW_OTHERS = 其他 { $others } 人
SHOW_SCORES = { $people } 人的成绩（{ $scheme }）
SHOW_OUTSIDE = 考核范围之外有 { $people } 人，在此没有评分卡也不参与分配；归属于他们的记录：{ $records } 条
SHOW_COLUMN_PLACE = 名次
SHOW_COLUMN_WHO = 客服
SHOW_COLUMN_TEAM = 团队
SHOW_COLUMN_CREDITED = 归属数
SHOW_COLUMN_SCORE = 总分
SHOW_COLUMN_COLLABORATION = 协作
SHOW_CARD = { $name } { $number }：{ $score } 分，第 { $rank } 名（共 { $of } 人）
SHOW_COLLABORATION = 协作：{ $credited } 条记录中有 { $outside } 条在本人排班或团队之外，加 { $points } 分。
SHOW_RECORD = { $account } 的记录 { $id }
SHOW_EVIDENCE = 证据：{ $evidence }（规则 { $version }）
SHOW_NOTHING_CREDITED = 本周期没有任何记录归属此人。
SHOW_ALL_ACCOUNTS = 合计
SHOW_SCORE_STEPS = 成绩的由来
SHOW_STATEMENT = 结算单
SHOW_RECORDS_BEHIND = 依据的记录：{ $all } 条中的 { $shown } 条（credits.csv 有全部）
DEMO_TRUTH = 离真相有多远（演示数据知道真相）
DEMO_RIGHT = 逐条归对
DEMO_WRONG = 整月归错
DEMO_EQUALLY = 每条记录由全组平分
DEMO_AS_TALLY = 按 Tally 归属
DEMO_TRUTH_SAID = 平台没有实名的 { $records } 条记录：逐条看，归到真正服务者的份额；整月看，对错相抵后仍记在别人名下的工作量。
DEMO_INTERVALS = 这些账号上 { $totals } 个人的区间中，{ $holding } 包含真实数量。
DEMO_RUNGS_SAID = 各级证据带来的改进：
DEMO_RUNG_RECORDS = 记录数
DEMO_RUNG_EQUALLY = 平分时归对
DEMO_RUNG_TALLY = 归属后归对
DEMO_RUNG_GAIN = 占改进的比例
DEMO_SKILLS = 这个月体现的技能与补位
DEMO_LATE = 档案尚在更新
DEMO_PROFILE = { $name } { $number }：服务过 { $accounts }（{ $platforms }）；协作分 { $points }
DEMO_STANDARD = { $scheme }（集团标准）
DEMO_USER_BRANCH_HR = 为{ $branch }结算本月；看不到其他分公司
DEMO_BRANCHES = 各分公司结算自己的月份
DEMO_BRANCHES_SAID = 同一次归属，各按自己对集团标准的细化方案打分；标准允许分公司把指标权重上下调整 { $within } 分以内。名次只在本分公司内排。
DEMO_COLUMN_BRANCH = 分公司
DEMO_COLUMN_FAVOURS = 加重的指标
DEMO_COLUMN_PEOPLE = 人数
DEMO_COLUMN_CREDITED = 占记录
DEMO_COLUMN_FIRST = 第一名
DEMO_COLUMN_SCORE = 得分
DEMO_COLUMN_IN_GROUP = 集团名次
DEMO_MANAGERS = { $people } 位不直接接待的人也有成绩单
DEMO_MANAGERS_SAID = 按其团队的成绩，团队以每一天的在册人员为准，单位为百分比。
DEMO_MANAGERS_SCHEME = 管理人员
DEMO_RIGHT_HEADING = { $branch }公布并发放之后再更正
DEMO_RIGHT_PAID = 已向 { $people } 人发放 { $amount }。
DEMO_RIGHT_RATINGS = 随后平台重新发来 { $account } 的 { $ratings } 条评分，均改为 1 分。有 { $cycles } 个考核周期依据这些记录；已公布和已入账的保持不变。
DEMO_RIGHT_REASON = 买家事后修改了评分
DEMO_RIGHT_CARDS = 更正使 { $people } 人的成绩单有了新版本。
DEMO_RIGHT_DELTAS = { $people } 人金额有变：共增加 { $more }，减少 { $less }，随该分公司下次结算发放或扣回。差额最大的：
DEMO_RIGHT_CARD = { $name } 看到的说明：
DEMO_COLUMN_WHO = 姓名
DEMO_COLUMN_PAID = 已发
DEMO_COLUMN_RIGHT = 应发
DEMO_COLUMN_DELTA = 差额
DEMO_NEXT = 接下来
DEMO_OWN_MONTH = 您自己的月份；文件夹内容见 docs/bundle.md
DEMO_AGAIN = 重算本月并保留结果文件
DEMO_COPY = 把本月写成文件，照着改
DEMO_WHY = 解释某人或某条记录
DEMO_REPLAY = 重算并逐字节比对
DEMO_CONSOLE = 请用浏览器打开 http://{ $address }；按 Ctrl-C 结束
DEMO_FIRST = 可以先看：{ $agent } 看到客服本人的月份和薪酬，{ $supervisor } 看到账号何时由谁占用，hr1 结账一个月，payroll、approver 和 payer 结算发放，auditor 可查看全部。
DEMO_GRPC = gRPC：http://{ $address }
DEMO_PASSWORD = 所有用户共用一个密码，仅本次运行有效：{ $password }
DEMO_TOKEN = 获取令牌：{ $command }
DEMO_HTTP = REST（JSON）：接口说明见 http://{ $address }/openapi.json
DEMO_CLOCK = 结账期间集团时钟停在月末次日，此后继续走动。结束后不保留任何数据。
DEMO_USER_ADMIN = 搭建组织、授予角色；看不到成绩和薪酬
DEMO_USER_HR = 人员、出勤、考核周期；看不到薪酬
DEMO_USER_PAYROLL = 奖金池与结算；不能审批自己编制的
DEMO_USER_APPROVER = 审批他人编制的结算
DEMO_USER_PAYER = 将由另外两人编制、审批的结算入账
DEMO_USER_AUDITOR = 只读全部
REPLAY_VERSION = { $what }：结果由 { $then } 算出，当前为 { $now }
REPLAY_TZDB = 时区数据库
REPLAY_IDENTICAL = 一致：{ $files } 个文件，摘要 { $digest }
REPLAY_NOT_COVERED = 未核对（输入中没有生成它们所用的内容）：{ $files }
REPLAY_ALTERED = 有改动：{ $what }
REPLAY_DIFFERENT = 不同：{ $file }，第 { $line } 行
REPLAY_MISSING = 文件夹中缺少：{ $file }
REPLAY_INPUT_CHANGED = inputs/{ $file }：内容被改动
REPLAY_INPUT_MISSING = inputs/{ $file }：缺少或无法读取
REPLAY_INPUT_ADDED = inputs/{ $file }：后来添加
REPLAY_IN_FOLDER = 文件夹中：{ $line }
REPLAY_RECOMPUTED = 重算得到：{ $line }
REPLAY_ENDS = （文件在此行之前结束）

## Replaying over the rpcs

REPLAY_ACCOUNT_FIGURES = 该账号的数字与其归属结果合计不符
REPLAY_ADJUSTMENTS_OTHER = 更正款项的支付或扣回金额不同
REPLAY_AMOUNT_OTHER = 得分或金额不同
REPLAY_CREDITED = 归属 { $records } 条记录
REPLAY_DIGEST_OTHER = 周期的摘要与其输入和结果不符
REPLAY_FIGURES = 记录 { $records } 条，其中 { $unattributed } 条无人归属；归属给周期内人员 { $credited } 条；成绩单 { $people } 份
REPLAY_FIGURES_OTHER = 周期的数字与其归属结果和成绩单合计不符
REPLAY_LINE_OTHER = 得出该金额的步骤不同
REPLAY_NOT_DERIVED = 已存储，但无法从输入推导得出
REPLAY_NOT_STORED = 可从输入推导得出，但没有存储
REPLAY_REASON_OTHER = 人员和份额相同，但依据不同
REPLAY_STATEMENT = { $amount }，得分 { $score }
    .alone = 不参与奖金池分配
    .adjusted = { $line }，另有更正款项 { $adjusted }
REPLAY_SUMS = 总额 { $pool }：个人 { $paid }，基金 { $funds }；更正款项 { $adjusted }；结算单 { $people } 份
REPLAY_SUMS_OTHER = 结算的合计与其结算单不符
REPLAY_SUM_OTHER = 各项指标的份额合计不同
REPLAY_UNREADABLE = 存储的内容无法读取：它不是当时写入的内容

## The command line: help. HELP_ and the name of a command, its arguments by name; HELP_SHARED has what several take alike

PAGE_USAGE = 用法：
PAGE_COMMANDS = 命令：
PAGE_ARGUMENTS = 参数：
PAGE_OPTIONS = 选项：
PAGE_DEFAULT = （默认 { $value }）
PAGE_VALUES = （可选 { $values }）
PAGE_ENV = （环境变量 { $name }）
HELP_SHARED =
    .help = 显示帮助
    .version = 显示版本
    .bundle = 存放 people.csv、accounts.csv、records.csv 等文件的文件夹（见 docs/bundle.md）
    .from = 期间的第一天，例如 2026-03-01，须与 --to 同时给出；默认用 group.yaml 中的期间，没有则用全部记录所在的自然月
    .to = 期间的最后一天，例如 2026-03-31，含当天
    .lang = 文字（以及 `tally demo` 中姓名）所用的语言，也可写在命令之前；默认取自环境变量 LC_ALL、LC_MESSAGES、LANG
    .plain-csv = CSV 供程序读取：不带字节顺序标记，形似公式的单元格前也不加单引号；电子表格软件需要这两样
    .json = 只打印 JSON 格式的摘要
    .server = 套件的地址，例如 https://tally.example:7070；默认取设置 client.server，其次是 `tally login` 上次登录的地址，最后是 http://127.0.0.1:7070
    .ca = 签发服务器证书的机构的证书文件（PEM）；默认用本机信任的机构
    .client-cert = 服务器要求客户端证书时出示的证书链文件（PEM），须与 --client-key 同时给出
    .client-key = --client-cert 的私钥文件（PEM）
    .token-file = 存放令牌的文件，- 表示标准输入；默认用 `tally login` 记住的令牌，没有则读标准输入
    .config = 设置文件（TOML）
    .set = 指定一项设置，例如 database.url=postgres://..；可多次使用
    .dump-config = 打印生效的设置后结束，机密以掩码显示
HELP_TALLY = 谁做了哪些工作、值多少、该发多少、为什么
HELP_HELP = 显示本页，或某个命令的帮助
HELP_DEMO = 用虚构的集团演示全过程：一个月的服务记录变成结算单；数据放在临时文件夹的 SQLite 中
    .once = 打印摘要后结束，不再提供服务
    .seed = 生成集团所用的数，换一个数就是另一个集团
    .records = 该月大约有多少条服务记录，1 至 5,000,000；少于 100 时按 100 条生成
    .bundle = 把这个月的文件写入此文件夹，供照着改；须为新文件夹或空文件夹
    .listen = 打印摘要后提供服务的地址与端口
    .http = 打印摘要后提供 REST 的地址与端口
HELP_CLOSE = 用您自己的文件结账：一个月的服务记录变成成绩单与结算单
    .out = 存放结果的文件夹；须为新文件夹或空文件夹
    .explain = 结账后说明某条记录（external_id）或某个人（工号或姓名）的结果从何而来
    .database = 改用 PostgreSQL，而不用临时文件夹中的 SQLite：填写空数据库所有者的 URL
HELP_IMPORT = 把一个月的文件导入运行中的套件，并列出导入前后的数据
    .out = 存放 report.json、findings.csv、rejected.csv 与 refused.csv 的文件夹
    .accept-damaged = 即使编号或客户号被表格软件截短，也写入这些行：套件会一直保留残缺的值
    .json = 只打印 JSON 格式的报告
HELP_REPLAY = 用结果文件夹中的输入重新计算，核对结果是否一致，并说明哪些文件不在核对之列
    .dir = `tally close` 写出的结果文件夹
    .json = 只打印 JSON 格式的结论
HELP_SERVE = 运行一个、几个或全部服务
    .services = 运行哪些服务，以逗号分隔，例如 identity,attendance；默认取自设置，即全部服务
    .listen = 监听的地址与端口；默认取自设置，即 127.0.0.1:7070
    .http = 网关的地址和端口（若本进程含网关）；默认取设置，即 127.0.0.1:8080
    .sample = 库为空时，先放入 `tally demo` 的虚构集团
HELP_INIT = 在空库中建立集团及其第一位管理员
    .name = 集团名称
    .currency = 集团的货币，ISO 4217 代码
    .zone = 集团的时区，IANA 名称
    .regions = 集团的区域，以逗号分隔，例如 cn-east,cn-south
    .tenant-id = 集团标识：事先选定的，或其他区域的系统中已有的；库中已是此集团时不作改动，也不算失败
    .login = 第一位管理员的登录名
    .password-file = 存放管理员密码（至少 12 个字符）的文件；不给则读标准输入的第一行
    .invitation-file = 存放 `tally invite` 输出内容的文件；库中已有其他集团时需要
HELP_INVITE = 打印邀请，凭它可在已有集团的库中再建一个集团（PostgreSQL）
    .tenant-id = 集团标识，用于其他区域的系统已建立的集团；默认为新集团
    .days = 有效天数，最多 30 天
HELP_MIGRATE = 把数据库更新到当前版本（PostgreSQL 需要所有者的 URL）
HELP_LOGIN = 用密码（标准输入的第一行）换取令牌，供之后的命令使用
    .login = 登录名
    .code = 验证器上的六位数字或一个恢复码，启用了第二因素时需要
    .new-password = 密码只能用于一次登录时使用：标准输入的第二行是您的新密码
HELP_USER = 为人员与程序开通登录
HELP_USER_CREATE = 创建登录名，并授予一个适用于整个集团或某个单元的角色
    .login = 登录名
    .role = 角色，例如 group_hr；branch_hr 须用 --unit 指定单元
    .unit = 组织单元，例如 East；角色允许时包含其所有下级；默认为整个集团
    .password-file = 存放初始密码（至少 12 个字符）的文件，- 表示标准输入
HELP_USER_GRANT = 为登录名再授予一个角色，或补上缺少的角色
    .login = 登录名
    .role = 角色，例如 group_hr 或 auditor
    .unit = 组织单元，例如 East/Chat；角色允许时包含其所有下级；默认为整个集团
HELP_TENANT = 导出整个集团的数据
HELP_TENANT_EXPORT = 把各服务中该集团的全部数据写入文件夹，每张表一个文件，每行一个 JSON 对象
    .out = 要写入的文件夹，须尚不存在
    .quiet = 不显示进度
HELP_PERSON = 导出关于某人的数据
HELP_PERSON_EXPORT = 把各服务中关于某人的全部数据写入一个 JSON 文件
    .person = 人员：工号或标识（UUID）
    .out = 要写入的文件，须尚不存在
HELP_RETENTION = 管理数据保留多久
HELP_RETENTION_RUN = 按集团的保留期限，从各服务中删除到期的数据
HELP_AUDIT = 查看审计日志
HELP_AUDIT_VERIFY = 重算各服务的审计链，核对每行数据都有审计记录，并指出错误
    .heads = 存放已签名链头的文件夹，审计链须经过这些链头；默认取自设置
HELP_AUDIT_SEARCH = 查询谁看过、改过某人的数据，某个登录主体做过什么，或某个对象发生过什么；最新的在前
    .person = 关于此人（UUID）
    .principal = 由此登录主体（UUID）所做，或代其所做
    .subject = 针对此对象，例如 statement:0199..
    .from = 不早于此时刻（RFC 3339），例如 2026-03-01T00:00:00+08:00
    .to = 早于此时刻（RFC 3339）
    .json = 每行打印一个 JSON 对象
HELP_SCHEME = 把集团的标准从一个系统带到另一个系统，或取用现成的方案模板
HELP_SCHEME_EXPORT = 输出集团一个方案的签名文件，含其所有版本
    .name = 方案名称
    .from = 系统服务多个区域时，转出的区域
HELP_SCHEME_IMPORT = 接收另一区域的系统导出的文件
    .file = 文件
HELP_SCHEME_TEMPLATE = 以方案文件输出一个方案模板，或列出所有模板
    .name = 模板名称；不填则列出全部
    .out = 写入的文件，须尚不存在
HELP_ACCESS = 列出谁有什么权限，供复核
HELP_ACCESS_REVIEW = 以 CSV 列出谁持有某项权限，来自哪项授权、委托或紧急授权，自何时起，由谁授予；最新的在前
    .permission = 权限，例如查看薪酬的 compensation.statement.read_pay
HELP_KEYS = 管理密钥：签发令牌的密钥，以及加密数据库内容的密钥
HELP_KEYS_MAKE = 建立密钥文件夹及其全部文件，供集群作为机密使用；已有的文件保持不变
HELP_KEYS_PROTECT = 用口令加密 seal.key，或更改口令
    .new-passphrase-file = 存放新口令（至少 12 个字符）的文件；不给则读标准输入的第一行
HELP_KEYS_ROTATE = 在服务运行时更换密钥，并用新密钥重新加密；上次中断的会接着完成
    .what =
        更换哪些密钥；默认为 master 与 data
        file：只在 seal.key 中增加主密钥，以便在启用之前先分发该文件
        master：seal.key 中的主密钥；很快，不重新加密数据
        data：数据密钥；重新加密每一行
HELP_KEYS_ROTATE_SIGNING = 为服务更换签发令牌的密钥；运行中的进程会在一分钟内自动采用
    .service = 服务名，例如 identity

## The command line: what was done

CANNOT_MAKE_TEMPORARY = 无法新建临时文件夹：{ $error }
CANNOT_REPLACE = 无法替换 { $file }：{ $error }
CANNOT_CREATE = 无法新建 { $file }：{ $error }
CANNOT_WRITE_TO = 无法写入 { $folder }：{ $error }
OUTPUT_LOST = 输出内容未能全部写出：{ $error }
CANNOT_START = 无法启动：{ $error }
CANNOT_LISTEN = 无法监听 { $address }；请用 { $flag } 指定另一个地址，或用 --once 在摘要后结束：{ $error }
NOT_OF_TALLY = { $file } 自第 { $line } 行第 { $column } 列起不是 tally 写出的内容
SAMPLE_SKIPPED = 库中已有集团：--sample 不改动它
SAMPLE_FILLED = 已填入示例集团。所有用户共用一个密码，仅显示这一次：{ $password }
SERVING_HTTP = 网关：http://{ $address }，接口说明见 http://{ $address }/openapi.json
SERVING = 正在 { $scheme }://{ $address } 提供 { $services }
NO_GROUP_YET = 此库中还没有集团，因此无人能登录：请停止本进程，以相同的设置执行 `tally init --name "我的集团"`，然后重新启动
    .beside = 此库中还没有集团，因此无人能登录：请在本进程之外以相同的设置执行 `tally init --name "我的集团"`
REGION_OF_NO_GROUP = server.regions 写有 { $region }，而此库中没有集团包含该区域（现有 { $known }）：本进程不提供其他区域的任何数据；请更正 server.regions，或将其留空以提供全部
REDIS_AWAY = Redis（redis.url）在 { $at } 没有应答。没有它一切照常：在它恢复之前，各进程自行计数调用，事件消费者每隔几秒自行查看，而不被唤醒
FILE_SWITCH = { $switch }：{ $why }
ASK_PASSWORD_TWELVE = 密码（至少 12 个字符，输入时可见）：
ASK_PASSWORD = 密码（输入时可见）：
ASK_NEW_PASSWORD = 新密码（至少 12 个字符）：
ASK_NEW_PASSPHRASE = 新口令（输入时可见）：
NO_PASSWORD_GIVEN = 标准输入中没有密码：请输入，或用管道传入
SET_EXPECTED = --set { $pair }：应为 KEY=VALUE
SUBJECT_EXPECTED = --subject：应为 KIND:ID，例如 statement:0199..
GROUP_DIFFERS = 集团 { $id } 此前已在此库中建立，与所填内容不同（{ $differences }）：未作改动。请按实际情况填写，或改用其他数据库
GROUP_DIFFERENCE = { $what } 为 { $there }，而非 { $typed }
GROUP_WAS_MADE = 集团 { $id } 此前已在此库中建立：未作改动
GROUP_MADE = 已建立集团 { $name }（{ $id }），管理员为 { $login }
GROUP_NEXT = 接下来：tally serve，然后 tally login { $login }
OWNER_URL_MISSING = PostgreSQL 的 schema 由其所有者创建：请将它（TALLY_DATABASE_OWNER_URL）设为所有者的 URL，即 postgres://所有者:密码@主机/数据库
OWNER_URL_ALONE = 它是 SQLite，却设置了 database.owner_url：请将它（TALLY_DATABASE_URL）设为各服务登录所用的 URL，或去掉 database.owner_url
MIGRATED = { $service }：{ $ran }
UP_TO_DATE = 已是最新
AUDIT_VERIFIED = { $service }：{ $entries } 条日志，{ $rows } 行数据，{ $heads } 个已导出的链头：{ $verdict }
AUDIT_INTACT = 完好
AUDIT_ON_BEHALF = {" "}代表 { $id }
AUDIT_FAULT = { $table }（{ $stream }）：{ $place }{ $defect }
AUDIT_PLACE = 第 { $at } 条日志
    .unnumbered = 一条未编号的日志
    .named = { $place }（{ $id }）
    .row = 数据行 { $row }
    .row-of = 数据行 { $row }（日志 { $id }）
    .line = 第 { $row } 行
AUDIT_DEFECT = 的内容不是服务写入的内容
    .chain = 与前一条不衔接（被插入、替换或移动）
    .missing = 缺失
    .truncated = 缺失，其后直到签名链头的日志也全部缺失
    .beyond = 位于签名链头之后
    .head = 是链头，但没有签名，或签名不是本服务的
    .unnumbered = 等待编号已超过五秒：是否有服务在运行并为日志编号？
    .forked = 与已导出的链头不符：此前的日志已被替换
    .older = 缺失，但其后的链头曾经导出：放回的是旧日志
    .exported = 不是本服务的链头，或位置倒退到前面某一行之前
    .unaccounted = 没有审计日志：不是由服务写入的
    .borrowed = 或其相邻的行借用了审计日志：该日志写入的行少于引用它的行
AUDIT_FAULTS = { $count } 处错误
AUDIT_FOUND = { $count } 条
INVITE_ONE_GROUP = 它指向 SQLite 文件，只能容纳一个集团，因此无法邀请；多个集团需要 PostgreSQL（TALLY_DATABASE_URL=postgres://...）
INVITED = 凭此邀请可在 { $days } 天内建立集团 { $tenant }：请交给 InitTenant 或 `tally init --invitation-file`
REVIEW_FOUND = 持有 { $permission } 的途径共 { $count } 种
KEYS_MADE = { $folder } 中有 seal.key 与各服务的签名密钥：请备份
PASSPHRASE_TOO_SHORT = 新口令太短：至少 { $least } 个字符
KEYS_PROTECTED = { $file } 已用新口令加密
KEYS_PROTECTED_NEXT = 接下来：为每个服务设置 TALLY_KEYS_PASSPHRASE 或 TALLY_KEYS_PASSPHRASE_FILE，并备份该文件
KEYS_WRAPPED = { $service }：{ $count } 个数据密钥已用最新主密钥封装
KEYS_STOPPED = 已停止；没有丢失任何内容：再次执行同一命令即可继续
MASTER_KEY_ADDED = 主密钥 { $id } 已写入 { $file }：请备份该文件
MASTER_KEY_KEPT = 仍有 { $count } 个数据密钥使用旧主密钥：在此之前不再增加新的主密钥
KEYS_STEP = { $service }：{ $table }.{ $column }，{ $rows } 行
KEYS_REPLACED = { $service }：已更换 { $keys } 个数据密钥，重新加密 { $rows } 行（{ $speed } 行/秒）
KEYS_REPLACED_RESUMED = { $service }：已更换上次未完成的 { $keys } 个数据密钥，重新加密 { $rows } 行（{ $speed } 行/秒）
NO_SUCH_SERVICE = 没有名为 { $service } 的服务：请从 { $services } 中选择
SIGNING_KEY_ROTATED = { $service }：新密钥自 { $from } 起签名；旧密钥所签的仍然有效
PERSON_EXPORTED = 已写入 { $file }；{ $withheld } 行因您无权读取而未导出
    .untold = 已写入 { $file }；{ $withheld } 行因您无权读取而未导出；{ $services } 未提供任何内容：其中没有此人的数据，或者仅有您无权查看的组织单元或日期的数据。可读取整个集团人员的人能导出全部内容
PERSON_EXPORTED_BEYOND = { $services } 中还有此人在您无权查看的组织单元或日期的其他数据。可读取整个集团人员的人可以得到全部内容
GROUP_EXPORTED = 已将 { $rows } 行写入 { $folder }；{ $withheld } 行因您无权读取而未导出
RETENTION_TAKEN = { $service }：{ $table } 的 { $rows } 行（{ $kind }）
RETENTION_DONE = 已删除 { $rows } 行
INPUT_NOT_READ = 标准输入未被读取：如其中有令牌，请用 --token-file -
USER_CREATED = { $login } 可以登录，角色为 { $role }
USER_ROLE_UNKNOWN = 没有可授予整个集团或某个单元的角色 { $role }，未创建登录名。可用的角色：{ $roles }
    .grant = 没有角色 { $role }。可用的角色：{ $roles }
USER_ROLE_WITHOUT_UNIT = 角色 { $role } 不按组织单元授予：请去掉 --unit
USER_ROLE_OF_A_UNIT = 角色 { $role } 按组织单元授予：请用 --unit 指定
USER_UNIT_UNKNOWN = 没有组织单元 { $unit }{ $hint }
USER_GRANTED = { $login } 已具有角色 { $role }
    .already = { $login } 在该范围内本来就具有角色 { $role }，未作任何更改
USER_WITHOUT_ROLE = 登录名 { $login } 已创建，但未能授予角色 { $role }：请运行 tally user grant { $login } { $role }{ $on }
IMPORT_INTERRUPTED = 您已中断
IMPORT_CURRENCY = 其金额的币种是 { $said }，而集团的币种是 { $is }
IMPORT_CURRENCY_CURE = 请以 { $is } 填写金额，并写明 currency: { $is }
IMPORT_BRANCH_REGION = 其中分公司 { $branch } 位于区域 { $said }，而套件中它位于 { $is }
IMPORT_BRANCH_REGION_CURE = 请在 branches: 中为 { $branch } 填写 { $is }，或给该分公司另取名称
IMPORT_NO_REGION = 其中没有写明 { $branches } 所在的区域，因而会归入 { $default }，而集团没有这个区域
IMPORT_NO_REGION_CURE = 请写明各分公司所在的区域（集团有：{ $known }），例如 branches: {"{"}"{ $branch }": { $region }{"}"}
IMPORT_REGIONS = 其中的分公司位于集团没有的区域：{ $unknown }
IMPORT_REGIONS_CURE = 请在 group.yaml 的 branches: 中为每个分公司填写以下区域之一：{ $known }，或为集团增加该区域

## Console

UI_LANGUAGE_NAME = 简体中文
UI_SKIP = 跳到正文
UI_SCREENS = 功能
UI_WAY_HERE = 当前位置
UI_HOME = 首页
UI_GREETING = { $name }，您好
UI_LANGUAGE = 语言
UI_THEME = 配色
UI_THEME_AUTO = 跟随系统
UI_THEME_LIGHT = 浅色
UI_THEME_DARK = 深色
UI_DENSITY = 行距
UI_DENSITY_COMPACT = 紧凑
UI_DENSITY_TOUCH = 触屏
UI_ZONE = 时区，如 Asia/Shanghai
UI_KEEP_CHOICES = 应用
UI_SIGN_IN = 登录
UI_SIGN_OUT = 退出登录
UI_LOGIN = 登录名
UI_PASSWORD = 密码
UI_CODE = 验证码
UI_CODE_HINT = 身份验证器显示的六位数字，或一个恢复码。
UI_NEW_PASSWORD = 新密码
UI_NEW_PASSWORD_HINT = 原密码只能用一次。新密码至少 12 个字符；用四个互不相关的词最好。
UI_SESSION_OVER = 会话已结束。请登录后继续，您提交的内容不会丢失。
UI_SIGNED_IN_AGAIN = 您已重新登录
UI_SEND_AGAIN_SAID = 您之前提交的内容还在，尚未执行。
UI_SEND_AGAIN = 现在提交
UI_TO_HOME = 返回首页
UI_TRY_AGAIN = 重试
UI_FOR_SUPPORT = 供技术支持使用：
UI_NOT_FOUND = 这里没有内容
UI_NOT_ALLOWED = 您无权查看
UI_NOT_NOW = 暂时无法完成
UI_REFUSED = 操作未成功
UI_OPTIONAL = （选填）
UI_PUT_RIGHT = 请更正以下各项：
UI_SAVE = 保存
UI_CANCEL = 取消
UI_REMOVE = 移除
UI_YES = 是
UI_NO = 否
UI_SEARCH = 搜索
UI_ALL = 全部
UI_GROUP_BY = 分组
UI_NOT_GROUPED = 不分组
UI_GROUPED_BY = 按{ $column }
UI_COLUMNS = 列
UI_SHOW = 显示
UI_SHOW_ALL = 显示全部
UI_PAGES = 分页
UI_PREVIOUS = 上一页
UI_NEXT = 下一页
UI_PAGE_OF = 第 { $page } / { $pages } 页
UI_ROWS = 共 { $count } 行
UI_ROWS_OF = { $count } / { $total } 行
UI_EXPORT = 下载 CSV
UI_NOTHING_FITS = 没有符合条件的内容。
UI_NOTHING_THERE = 这里还没有内容。
UI_NOTHING_TO_DRAW = 没有可绘制的数据。
UI_LOADING = 正在加载…
UI_AS_OF = 截至
UI_NAME = 姓名
UI_EMPLOYEE_NO = 工号
UI_UNIT = 组织单元
UI_POSITION = 职位
UI_GRADE = 职级
UI_REGION = 区域
UI_SINCE = 起始
UI_STATE = 状态
UI_SHARE = 份额
UI_AMOUNT = 金额
UI_DAY = 日期
UI_REASON = 原因
UI_REASON_HINT = 以后查看的人会读到。
UI_SURE = 是，我确定
UI_NO_PEOPLE = 在您可查看的范围内，这一天没有在职人员。
UI_GALLERY = 组件
NAV_MINE = 我的
NAV_TEAM = 团队
NAV_BRANCH = 分公司与集团
NAV_PAY = 薪酬
NAV_AUDIT = 审计
NAV_PLATFORM = 平台
NAV_PEOPLE = 人员
FORM_OF_ANOTHER_SITE = 该请求来自其他网站：请打开本站页面后再提交
FORM_OUTDATED = 该页面属于先前的会话：请重新加载页面后再提交

## Console: access

NAV_WHY = 权限说明
NAV_REVIEW = 权限复核
NAV_GRANTS = 授权
NAV_LOGINS = 登录名
NAV_ROLES = 角色
NAV_DELEGATIONS = 委托
NAV_EMERGENCIES = 紧急授权
NAV_KEYS = API 密钥
NAV_PROVIDERS = 单点登录
NAV_ACCOUNT = 我的账户
UI_KIND = 类别
UI_PERSON = 人员
UI_WHO = 谁
UI_ROLE = 角色
UI_ROLES = 角色
UI_REACH = 范围
UI_DAYS = 有效日期
UI_CONDITION = 条件
UI_GIVEN_BY = 授予人
UI_GIVEN_AT = 授予时间
UI_HOLDS_TODAY = 今天有效
UI_HOLDS = 有效
UI_OVER = 已结束
UI_FIRST_DAY = 第一天
UI_LAST_DAY = 最后一天
UI_UNTIL_WHEN = 截止
UI_PERMISSION = 权限
UI_PERMISSIONS = 权限
UI_PERMISSIONS_HINT = 权限名称，用逗号分隔，如 attendance.roster.write；各角色页面列有名称。
UI_WHAT_FOR = 用途
UI_NEW_LOGIN = 新建登录名
UI_LOGIN_HINT = 登录时输入的名称，在本系统中必须唯一。
UI_PASSWORD_HINT = 至少 12 个字符；用四个互不相关的词最好。
UI_LOGIN_OF = 不属于任何人时留空。
UI_RESET_PASSWORD = 为 { $name } 重置密码
UI_RESET_NOW = 生成一次性密码
UI_RESET_SAID = 该登录名的所有会话都会结束。密码只显示一次，只能登录一次，登录时必须更换。
UI_FACTOR_LOST = 第二因素已丢失：一并移除
UI_ONE_TIME_PASSWORD = 一次性密码
UI_ONE_TIME_SAID = 请当面交给本人；{ $until } 之前有效，只能登录一次，不会再次显示。
UI_ONCE_SAID = 只显示这一次。请存放到只有该程序能读取的地方。
UI_WRITTEN_DOWN = 我已保存
UI_NEW_GRANT = 授予角色
UI_GRANT_SAID = 授予人在该范围内必须拥有该角色的全部权限。授权在一秒内生效。
UI_UNIT_OF_REACH = 适用于指明组织单元的范围。
UI_REGION_OF_REACH = 适用于指明区域的范围，如 cn-north。
UI_WITH_FACTOR = 需第二因素
UI_ONLY_WITH_FACTOR = 仅在使用第二因素的会话中有效
UI_ONLY_AT_HOURS = 仅在这些时段有效
UI_HOURS_HINT = 如 08:00-20:00；留空表示全天。
UI_REVOKE_GRANT = 收回角色
UI_REVOKE_SAID = { $name } 将在一秒内失去角色“{ $role }”（{ $reach }）。
UI_NEW_ROLE = 新建角色
UI_ROLE_READY = 系统内置
UI_ROLE_OWN = 集团自定
UI_ROLE_READY_SAID = 该角色为系统内置，不能更改。不合适时请自定义角色。
UI_ROLE_NAME_HINT = 2 至 64 个小写字母、数字和 _。
UI_NOBODY_HOLDS = 没有人持有该权限。
UI_MYSELF = 我自己
UI_WHOLE_GROUP = 整个集团
UI_ASK = 查询
UI_ALLOWED = 允许
UI_NOT_ALLOWED_NOW = 不允许
UI_ROLES_THAT_GIVE = 可给予该权限的角色：
UI_WHO_COULD_GIVE = 可以授予的人：
UI_DELEGATOR = 委托人
UI_DELEGATE = 受托人
UI_DELEGATE_NOW = 委托
UI_DELEGATIONS_SAID = 委托是把您自己的部分权限借出到某个时刻为止，范围不超过您自己的范围。
UI_TYPED_AT = 按 { $zone } 计。
UI_TO_REVIEW = 待复核
UI_REVIEWED = 已复核
UI_NO_EMERGENCIES = 没有人申报过紧急授权。
UI_OPEN_EMERGENCY = 申报紧急授权
UI_EMERGENCIES_SAID = 紧急授权最多打开权限一小时，会被通报，并由他人复核。
UI_EMERGENCY_OF = { $name } 的紧急授权
UI_END_EMERGENCY = 立即结束
UI_REVIEW_NOW = 复核
UI_WHAT_WAS_FOUND = 复核结论
UI_TICKET = 工单
UI_REASON_TWENTY = 至少 20 个字符，复核人会读到。
UI_FOR_HOW_LONG = 时长
UI_MINUTES = { $count } 分钟
UI_SERVICE_ACCOUNT = 账户
UI_NEW_SERVICE_ACCOUNT = 新建程序账户
UI_SERVICE_ACCOUNT_SAID = 程序有自己的账户，像人一样被授予角色，用密钥代替密码。
UI_NEW_KEY = 新建密钥
UI_API_KEY = API 密钥
UI_KEYS_SAID = 程序用密钥换取有效期十分钟的令牌。密钥可限定为账户的部分权限。
UI_KEY_PERMISSIONS_HINT = 权限名称，用逗号分隔；留空表示账户的全部权限。
UI_KEY_YEAR = 最长 366 天。
UI_NO_KEY = 尚无密钥
UI_ALL_OF_ACCOUNT = 账户的全部权限
UI_LAST_USED = 最近使用
UI_REVOKE_KEY = 吊销密钥
UI_REVOKE_KEY_SAID = 持有该密钥的程序将无法再登录。此操作不能撤销。
UI_NO_PROVIDERS = 没有其他登录提供方。
UI_NEW_PROVIDER = 添加或更改提供方
UI_PROVIDERS_SAID = 请在提供方登记回调地址：本控制台的地址后接 { $path }。
UI_ISSUER = 签发者
UI_CLIENT_ID = 客户端 ID
UI_CLIENT_SECRET = 客户端密钥
UI_CLIENT_SECRET_HINT = 没有密钥的客户端留空。不会再次显示。
UI_CLAIM = 登录名所在的声明
UI_CLAIM_HINT = 如 email，仅在已验证时采用。
UI_REDIRECT = 回调地址
UI_PROVIDER_NAME_HINT = 供人选择的名称：2 至 50 个小写字母、数字和 -。
UI_PROVIDER_REGION_HINT = 可使用的区域，* 表示所有人。
UI_SSO = 使用单位账号登录
UI_SSO_PROVIDER = 提供方名称
UI_SSO_SAID = 即将转到您单位的登录提供方，请在那里登录。
UI_GO_ON = 继续
UI_SESSIONS = 会话
UI_THIS_ONE = 当前
UI_END_SESSION = 结束
UI_END_ALL_SESSIONS = 在所有设备上退出
UI_CHANGE_PASSWORD = 更改密码
UI_CHANGE_PASSWORD_SAID = 您的其他会话会结束。
UI_ADD_FACTOR = 添加第二因素
UI_REMOVE_FACTOR = 移除第二因素
UI_FACTOR_SAID = 打开身份验证器并添加此密钥，然后输入它显示的六位数字。
UI_FACTOR_SECRET = 密钥
UI_FACTOR_OPEN = 在本设备的身份验证器中打开
UI_CODE_OF_NEW = 身份验证器现在显示的六位数字。
UI_CONFIRM = 确认
UI_RECOVERY_CODE = 恢复码
UI_RECOVERY_SAID = 身份验证器丢失时，每个恢复码可代替验证码使用一次。不会再次显示。
WORD_SCOPE_KIND_SELF = 本人
WORD_SCOPE_KIND_REPORTS = 下属
WORD_SCOPE_KIND_UNIT = 一个组织单元
WORD_SCOPE_KIND_SUBTREE = 组织单元及其下级
WORD_SCOPE_KIND_LEGAL_ENTITY = 法人
WORD_SCOPE_KIND_REGION = 区域
WORD_SCOPE_KIND_TENANT = 整个集团
WORD_ROLE_AGENT = 客服
WORD_ROLE_SUPERVISOR = 主管
WORD_ROLE_BRANCH_HR = 分公司人事
WORD_ROLE_GROUP_HR = 集团人事
WORD_ROLE_COMPENSATION_SPECIALIST = 薪酬专员
WORD_ROLE_APPROVER = 审批人
WORD_ROLE_INTEGRATOR = 集成方
WORD_ROLE_AUDITOR = 审计员
WORD_ROLE_PLATFORM_OPERATOR = 平台运维
WORD_ROLE_GROUP_ADMIN = 集团管理员
WORD_LOGIN_KIND_PERSON = 人员
WORD_LOGIN_KIND_USER = 不属于任何人
WORD_LOGIN_KIND_SERVICE_ACCOUNT = 程序
WORD_GRANT_VERDICT_ALLOWS = 允许
WORD_GRANT_VERDICT_OUT_OF_REACH = 其角色给予该权限，但范围不包括此对象
WORD_GRANT_VERDICT_CONDITION_UNMET = 使用第二因素或在其他时段会允许
WORD_GRANT_VERDICT_NOT_NOW = 在其他日期会允许
WORD_GRANT_VERDICT_NOT_ENTITLED = 集团未开通该模块
WORD_GRANT_VERDICT_ROLE_LACKS = 其角色不给予该权限
WORD_MODULE_IDENTITY = 身份
WORD_MODULE_ATTENDANCE = 考勤
WORD_MODULE_PERFORMANCE = 绩效
WORD_MODULE_COMPENSATION = 薪酬
WORD_MODULE_TALENT = 人才
WORD_MODULE_SUITE = 所有部分
DONE_GRANT_GIVEN = 角色已授予。
DONE_GRANT_TAKEN = 角色已收回。
DONE_ROLE_DEFINED = 角色已保存。
DONE_DELEGATED = 已委托。
DONE_DELEGATION_ENDED = 委托已结束。
DONE_EMERGENCY_OPENED = 紧急授权已申报，并已通报。
DONE_EMERGENCY_ENDED = 紧急授权已结束。
DONE_EMERGENCY_REVIEWED = 复核已保存。
DONE_ACCOUNT_MADE = 账户已创建。
DONE_KEY_REVOKED = 密钥已吊销。
DONE_PROVIDER_KEPT = 提供方已保存。
DONE_PROVIDER_REMOVED = 提供方已移除。
DONE_PASSWORD_CHANGED = 密码已更改，您的其他会话已结束。
DONE_FACTOR_REMOVED = 第二因素已移除。
DONE_SESSION_ENDED = 会话已结束。
DONE_SESSIONS_ENDED = 您已在所有设备上退出。
SSO_OF_ANOTHER_BROWSER = 该登录不是在本浏览器开始的，或已超时：请在此重新开始
## Console: people and structure

NAV_ORG = 组织架构
NAV_CORRECTIONS = 更正申请
NAV_ACCOUNTS = 客服账号
NAV_ALIASES = 昵称
NAV_DEVICES = 设备
NAV_SITES = 办公地点
NAV_CATALOGUE = 岗位与职级
UI_ABOUT = 涉及人员
UI_ACCOUNT = 账号
UI_ACCOUNT_HINT = 在平台上登录时使用的名称。
UI_ACTIONS = 变更
UI_ADD_ACCOUNT = 新增账号
UI_ADD_ALIAS = 新增昵称
UI_ADD_DEVICE = 新增设备
UI_ADD_ENTRY = 新增岗位或职级
UI_ADD_PERSON = 新增人员
UI_ADD_PHASE = 变更使用方式
UI_ADD_PHASE_SAID = 之前的日期保持不变。只能新增更晚的阶段：过去的记录保留原样。
UI_ADD_SITE = 新增办公地点
UI_ADD_UNIT = 新增组织单元
UI_ADD_UNIT_BELOW = 新增下级单元
UI_AFTER = 更正后
UI_ALIAS = 昵称
UI_ALIAS_END = 停用昵称
UI_ALIAS_MOVE = 改为他人使用
UI_ALL_STATES = 全部
UI_ALWAYS = 始终
UI_APPROVE = 批准
UI_APPROVED = 已批准
UI_ASKED = 已提出
UI_ASKED_AT = 提出时间
UI_ASKED_BY = 提出人
UI_AS_HOME = 留空：与本职任职相同。
UI_AT_ONCE = 同时会话数
UI_AT_ONCE_HINT = 一个人能同时接待的会话数：语音为 1。
UI_BACKDATED = 确实要从本月之前生效：已关闭的月份将按今天所知的情况读取
UI_BEFORE = 更正前
UI_CATALOGUE_SAID = 再次写入同一代码并给出更晚的首日，即从该日起生效。没有任何条目时，岗位和职级可以自由填写。
UI_CODE_NAME = 代码
UI_CODE_NAME_HINT = 任职中使用的代码，例如 agent 或 P3。
UI_CORRECTION_ABOUT_YOU = 此项涉及您本人：由他人决定。
UI_CORRECTION_DECIDE = 这是他人提出的申请。自您批准起生效。
UI_CORRECTION_LOOK = 正在等待有权批准更正的人处理。
UI_CORRECTION_OVER = 已无需再作决定。
UI_CORRECTION_OWN = 这是您提出的：由他人决定。等待期间您可以撤回。
UI_COUNTS_NO_MORE = 此项已不再有效，但仍会列出，因为已记录的内容不会被删除。
UI_CUT_OVER = 工作日分界
UI_CUT_OVER_HINT = 夜间到此时刻，前一个工作日结束，下一个工作日开始。
UI_DEED_CANCEL = 取消计划
UI_DEED_CANCEL_SAID = 从该日起计划的变更不再发生；今天的情况保持不变。
UI_DEED_CORRECT_START = 更正首日
UI_DEED_CORRECT_START_SAID = 用于首日登记有误的情况。此前所知的内容保留存档。
UI_DEED_END = 结束任职
UI_DEED_END_SAID = 所有兼任职务和休假也在该日结束。
UI_DEED_END_LEAVE = 结束休假
UI_DEED_END_LINE = 结束汇报关系
UI_DEED_END_POST = 结束兼任
UI_DEED_LEAVE = 休假
UI_DEED_LINE = 设置上级
UI_DEED_LINE_SAID = 直线汇报关系会在其日期内取代现有的直线汇报关系。
UI_DEED_POST = 借调或兼任
UI_DEED_RECTIFY = 更正姓名或工号
UI_DEED_RECTIFY_SAID = 仅用于登记有误的内容。错误的内容将被替换；审计日志会记录这次变更。
UI_DEED_REHIRE = 再次入职
UI_DEED_TRANSFER = 调动或晋升
UI_DEED_TRANSFER_SAID = 从该日起生效；之前的情况保留。职级变化即为晋升。
UI_DEVICE = 设备
UI_DEVICES_ALIASES = 昵称与设备
UI_DEVICE_END = 停用设备
UI_DEVICE_HINT = 与工位或平台上的名称一致，区分大小写。
UI_DEVICE_MOVE = 改归他人或其他工位
UI_EMPLOYED_AS = 用工类型
UI_EMPLOYEE_NO_HINT = 集团为此人编的工号；不与他人重复。
UI_EMPLOYMENTS = 任职经历
UI_EMPTY_STAYS = 留空：保持不变。
UI_EVIDENCE = 依据
UI_EXCLUSIVE = 同一时间仅一人
UI_EXCLUSIVE_FIELD = 同一时间只能由一人占用
UI_FACT = 事实
UI_FACTS = 基本信息
UI_FROM_BEGINNING_HINT = 留空：从最初开始。
UI_FROM_ON = { $from } 起
UI_FROM_TIME = 从
UI_FROM_TO = { $from } 至 { $to }
UI_FROM_WHEN = 生效日期
UI_GONE_UNITS = 已关闭的单元
UI_HANDOVER = 交接
UI_HIDDEN = 对您隐藏
UI_HISTORY = 经过
UI_ID_NUMBER = 证件号码
UI_ITS_ZONE = 时区
UI_KNOWN_ON = 按当时所知
UI_LADDER = 职级次序
UI_LADDER_HINT = 仅职级需要，从 1 开始：数字越大职级越高。
UI_LEAVES = 休假
UI_LEAVE_KIND = 原因
UI_LEAVE_REASON = 原因说明
UI_LEAVE_REASON_HINT = 只有有权查看休假原因的人才能看到。
UI_LINE_KIND = 汇报关系类型
UI_LOOK = 查看影响范围
UI_MANAGER = 上级
UI_MERGE_ALSO = 同时合并此单元
UI_MERGE_INTO = 并入哪个单元
UI_MOVE_PEOPLE_HINT = 如仍有人任职，则必须填写。
UI_MOVE_PEOPLE_TO = 人员和账号转到
UI_NAME_HIDDEN = 姓名对您隐藏
UI_NEW_PARENT = 上级单元
UI_NEW_PERSON = 此后的使用人
UI_NOBODY = 无
UI_NOBODY_CALLED = 列表中没有“{ $text }”：请从列表中选择
UI_NONE_KNOWN = 未登记
UI_NOTHING_AFTER = 从未发生，或不再有效。
UI_NOTHING_BEFORE = 原先没有记录。
UI_NOT_EMPLOYED = 当日未任职
UI_NOT_SAID = 未说明
UI_NO_ACCOUNTS = 您可查看的范围内没有账号：请新增第一个，或以文件导入。
UI_NO_ALIASES = 您可查看的范围内没有昵称。
UI_NO_CATALOGUE = 当日没有目录：岗位和职级可以自由填写。
UI_NO_CORRECTIONS = 没有处于此状态的更正申请。
UI_NO_CORRECTIONS_WAITING = 没有等待处理的更正申请。
UI_NO_DEVICES = 您可查看的范围内没有设备。
UI_NO_DEVICES_ALIASES = 此人没有登记昵称或设备。
UI_NO_EMPLOYMENTS = 您可查看的范围内没有任职记录。
UI_NO_LEAVES = 没有休假记录。
UI_NO_MANAGER = 当日没有汇报对象。
UI_NO_REASON = 未说明原因。
UI_NO_SITES = 还没有办公地点：请新增第一个。
UI_NO_SLASH = 只填一个名称，不含“/”：上级单元另行选择
UI_NO_UNITS = 当日您可查看的范围内没有组织单元。
UI_NO_USES = 这些日期没有设备使用记录。
UI_OF_PERSON = 个人
UI_OF_SEAT = 工位
UI_ONE_OF_BOTH = 填个人或工位，不能同时填写
UI_ONLY_NEWEST = 只显示最新的 { $count } 条：请选择状态以缩小范围。
UI_ON_DAY = { $day } 的情况
UI_OPEN_END_HINT = 留空：没有结束日期。
UI_ORG_COUNTED = { $units } 个单元，{ $count } 人
UI_OWN_ZONE = 时区
UI_PARENT_NOT_THERE = 该单元在当日不存在
UI_PATH = 路径
UI_PATHS = 组织单元
UI_PEOPLE_BELOW = 含下级单元的人数
UI_PEOPLE_COUNT = { $count } 人
UI_PEOPLE_HERE = 本单元人员
UI_PEOPLE_OF = { $count } 人，其中本单元 { $own } 人
UI_PERSON_OR_SEAT = 人员或工位
UI_PERSON_OR_SEAT_HINT = 填写人员或工位其中之一。
UI_PHASE = 使用方式
UI_PHASES = 各时期的使用方式
UI_PHASE_HINT = 公用：多人共用一个名称。实名：每条记录都带客服姓名。混合：过渡阶段。
UI_PLATFORM = 平台
UI_POST = 类型
UI_PUNCH = 打卡
UI_REJECT = 驳回
UI_REJECTED = 已驳回
UI_REPORTS = 下属
UI_REPORTS_TO = 汇报对象
UI_RESULTS = 结果
UI_SEAT = 工位
UI_SEAT_HINT = 与排班表中的名称一致；排在该工位的人使用此设备。
UI_SEAT_UNIT = 工位所属单元
UI_SEVERAL_CALLED = “{ $text }”对应多个：{ $names }。请从列表中选择一个。
UI_SHIFT = 班次
UI_SOME_HIDDEN = 部分内容对您隐藏：您的权限未开放这些内容。
UI_STORE = 店铺
UI_TEAM = 团队
UI_TEAM_HINT = 负责接待的团队。留空：属于整个集团。
UI_TICK_SURE = 请先勾选
UI_TITLE = 显示名称
UI_TODAY = 今天
UI_TOUCHES = 影响范围
UI_TOUCHES_SAID = 尚未写入：以上为预览。
UI_TO_TIME = 到
UI_UNITS_BELOW = 下级单元
UI_UNIT_CLOSE = 关闭单元
UI_UNIT_CLOSE_SAID = 届时不能有下级单元。人员和账号转到您指定的单元；过去的记录保留。
UI_UNIT_KIND_HINT = 留空：顶层为分公司，其余为团队。
UI_UNIT_MERGE = 并入其他单元
UI_UNIT_MERGE_SAID = 下级单元、人员和账号转到另一单元，本单元关闭。
UI_UNIT_MOVE = 移动到其他单元之下
UI_UNIT_MOVE_SAID = 从该日起连同所有下级单元一起移动；过去的记录保留原位置。只能在同一区域内移动。
UI_UNIT_NOT_ON_DAY = 该单元当日不存在：显示其最后或最初的状态。
UI_UNIT_REGION_HINT = 仅顶层分公司需要；下级单元沿用所属分公司的区域。
UI_UNIT_RENAME = 重命名单元
UI_UNIT_RENAME_SAID = 从该日起生效；过去的记录保留旧名称。
UI_UNTIL = 至 { $to }
UI_WENT_INTO = 并入 { $unit }
UI_WHAT = 内容
UI_WHOLE_NUMBER = 请填整数
UI_WHOSE = 归属
UI_WHO_USED_WHAT = 设备使用记录
UI_WHY = 原因
UI_WHY_HIDDEN = 原因对您隐藏
UI_WHY_NOT_SAID = 未说明原因
UI_WITHDRAW = 撤回
UI_WITHDRAWN = 已撤回
UI_YOU = 您
UI_ZONE_HINT = 留空：使用集团时区。
DONE_PERSON_ADDED = 已新增人员
DONE_PERSON_CHANGED = 变更已写入
DONE_ORG_CHANGED = 组织架构已变更
DONE_ACCOUNT_ADDED = 已新增账号
DONE_PHASE_ADDED = 变更已写入
DONE_ALIAS_CHANGED = 昵称已写入
DONE_DEVICE_CHANGED = 设备已写入
DONE_SITE_ADDED = 已新增办公地点
DONE_ENTRY_ADDED = 条目已写入
DONE_CORRECTION_APPROVED = 已批准：自此生效
DONE_CORRECTION_REJECTED = 已驳回
DONE_CORRECTION_WITHDRAWN = 已撤回
WORD_POST_HOME = 本职
WORD_POST_CONCURRENT = 兼任
WORD_POST_SECONDMENT = 借调
WORD_EMPLOYMENT_REASON_HIRE = 入职
WORD_EMPLOYMENT_REASON_REHIRE = 再次入职
WORD_EMPLOYMENT_REASON_TRANSFER = 调动
WORD_EMPLOYMENT_REASON_PROMOTION = 晋升
WORD_EMPLOYMENT_REASON_SECONDMENT = 借调
WORD_EMPLOYMENT_REASON_CONCURRENT_POST = 兼任
WORD_EMPLOYMENT_REASON_REORGANISATION = 组织调整
WORD_LEAVE_KIND_SICK = 病假
WORD_LEAVE_KIND_WORK_INJURY = 工伤假
WORD_LEAVE_KIND_MATERNITY = 产假
WORD_LEAVE_KIND_PARENTAL = 育儿假
WORD_LEAVE_KIND_CARE = 护理假
WORD_LEAVE_KIND_UNPAID = 无薪事假
WORD_LEAVE_KIND_OTHER = 其他
WORD_EMPLOYMENT_KIND_FULL_TIME = 全职
WORD_EMPLOYMENT_KIND_PART_TIME = 兼职（非全日制）
## Console: cycles

NAV_CYCLES = 考核周期
NAV_SCHEMES = 考核方案
NAV_MEASURES = 指标库
NAV_RUNS = 归属计算
NAV_OBSERVATIONS = 观测值
# A result was looked at on a page that is older than it.
PAGE_OUTDATED = 您打开本页之后结果已重新计算：请先查看现在的结果，再提交一次
UI_SAY_SURE = 请勾选此项以继续
UI_VERSION = 版本
UI_INDICATORS = 指标
UI_NO_SCHEMES = 还没有考核方案。可以从下面的模板开始，或新建一个。
UI_REFINEMENT = 细化自标准
UI_STANDARD = 标准
UI_STANDARD_BINDING = 强制标准
UI_OWN_SCHEME = 独立方案
UI_WITHDRAWN_FROM = { $day } 起停用
UI_IN_USE = 在用
UI_WITHDRAWN_BECAUSE = 自 { $day } 起停用：{ $reason }
UI_SUPERSEDED_BY = 请改用第 { $version } 版。
UI_NEW_SCHEME = 新建方案
UI_SCHEME_TEMPLATES = 可用的模板
UI_BEGIN_WITH_IT = 从它开始
UI_NEW_VERSION = 新建版本
UI_REFINE_IT = 细化此标准
UI_WHAT_IT_IS = 基本信息
UI_SIDE_BY_SIDE = 版本对照
UI_BESIDE = 对照版本
UI_DIFFERING = { $count ->
    [0] 两者完全相同。
   *[other] 有 { $count } 行不同，已标出。
}
UI_DIFFERS = （不同）
UI_REFINEMENTS = 细化它的方案
UI_SCORED_BY_IT = 使用它的周期
UI_WITHDRAW_SCHEME = 停用
UI_WITHDRAW_VERSION_HINT = 留空表示整个方案。
UI_WITHDRAW_FROM = 自此日起
UI_SUPERSEDED = 替代版本
UI_SUPERSEDED_HINT = 留空表示没有。
UI_VERSION_N = 第 { $version } 版
UI_NAME_VERSION = { $name }，第 { $version } 版
UI_REFINES = 细化自
UI_COLLABORATION = 计入协作分
UI_COLLABORATION_POINTS = 协作分
UI_CURRENCY = 币种
UI_CURRENCY_HINT = 三个字母，如 CNY。留空表示集团本位币。
UI_WRITTEN_IN = 编写地区
UI_INDICATOR_OF_TARGET = 占 100 分中的 { $weight } 分。目标：{ $target }（{ $direction }）；按达成比例计分，最低 { $floor } 分，最高 { $cap } 分。
UI_INDICATOR_OF_GROUP = 占 100 分中的 { $weight } 分（{ $direction }）。计分方式：{ $how }，最低 { $floor } 分，最高 { $cap } 分。
UI_INDICATOR_SMALL = 计量记录少于 { $small } 条时向群体平均靠拢。
UI_TEAM_MEDIAN = 团队中位数
UI_WEIGHT_BETWEEN = 细化时权重可在 { $least } 至 { $most } 之间。
UI_WEIGHT_FIXED = 细化时不得更改。
UI_MAY_BE_LEFT_OUT = 可以不用此项。
UI_WEIGHT = 权重
UI_TARGET = 目标
UI_TARGET_HINT = 留空表示团队中位数。
UI_DIRECTION = 方向
UI_HOW_POINTS = 计分方式
UI_FLOOR_CAP = 最低与最高分
UI_FLOOR = 最低分
UI_CAP = 最高分
UI_SMALL_SAMPLE = 小样本阈值
UI_SMALL_SAMPLE_HINT = 记录少于此数时，数值向群体平均靠拢。留空表示不用。
UI_UNIT_OF_MEASURE = 计量单位
UI_KEY = 短名
UI_KEY_HINT = 留空则取自度量名。
UI_MAY_BE_REFINED = 下级单位可以细化
UI_MUST_BE_REFINED = 下级单位的方案必须细化自它
UI_WITHIN = 权重可浮动
UI_WITHIN_HINT = 细化时可上下浮动的分数。留空表示不可变。
UI_MEASURE = 度量
UI_INDICATOR_N = 指标 { $number }
UI_FROM_VERSION = 以第 { $version } 版为基础。以前的版本保持不变。
UI_FROM_STANDARD = 细化自 { $name } 第 { $version } 版：只可更改它允许的部分。
UI_FROM_TEMPLATE = 以模板为基础。请填入自己的目标。
UI_FROM_NOTHING = 请填写考核什么、各占多少：权重之和必须正好是 100。
UI_NEW_VERSION_OF = { $name } 的新版本
UI_SUM_WHOLE = 权重之和为 { $said }，可以保存。
UI_SUM_SHORT = 权重之和为 { $said }，距 100 还差 { $rest }。
UI_SUM_OVER = 权重之和为 { $said }，比 100 多 { $rest }。
UI_CHECK = 检查
UI_ADD_INDICATOR = 增加指标
UI_UNIT_OR_GROUP_HINT = 留空表示全集团。
UI_NEW_MEASURE = 新建度量
UI_NO_MEASURES = 还没有度量。
UI_NO_MEASURE = 没有这个度量，或您无权查看
UI_MEASURES_WHAT = 度量内容
UI_SUPPLIED = 内置
UI_RETIRED = 已停用
UI_RETIRED_BECAUSE = { $at }：{ $reason }
UI_REVISION = 修订
UI_RETIRE = 停用
UI_RETIRE_SAID = 此后新的方案版本不能再引用它。已有版本保留自己的副本。
UI_CHANGE_IT = 修改
UI_MEASURE_OTHER_KIND = 此度量的构成需通过接口修改；名称、单位和方向可在此修改。
UI_TITLE_EN = 英文名称
UI_TITLE_ZH = 中文名称
UI_MEASURE_KEY_HINT = 方案用它来引用，如 quality_check。此后不可更改。
UI_MIN_COUNT = 最少计量数
UI_MIN_COUNT_HINT = 少于此数视为没有数据。留空表示不限。
UI_OF_RECORDS = 取自记录
UI_OF_OBSERVATIONS = 取自观测值
UI_OF_RATIO = 两个度量之比
UI_OBSERVED_OF = 观测对象
UI_AGGREGATION = 汇总方式
UI_RECORD_VALUE = 记录的数值
UI_RECORD_VALUE_HINT = first_reply_seconds、duration_seconds、resolved、rating、amount，或自定义列。计数时留空。
UI_TEST = 满足条件
UI_TEST_VALUE = 比较值
UI_RECORD_KINDS = 记录类型
UI_LIST_HINT = 多个用逗号分隔。留空表示全部。
UI_RATIO_OF = 被除的度量
UI_RATIO_PER = 除以
UI_IN_PERCENT = 以百分比表示
UI_NEW_CYCLE = 新建周期
UI_NO_CYCLES = 您能看到的范围内还没有周期。可先为某个月新建一个，待记录齐全后关账。
UI_PERIOD = 期间
UI_SCHEME = 方案
UI_PEOPLE_IN = 有成绩卡的人数
UI_PUBLISHED_AT = 发布时间
UI_CORRECTION_OF = { $name } 的更正
UI_MAKE_CYCLE = 创建周期
UI_POPULATION = 考核人员
UI_POPULATION_SAID = 都留空表示该单位及下级的所有人。
UI_POSITIONS = 岗位
UI_GRADES = 职级
UI_INCLUDE = 另外纳入
UI_EXCLUDE = 排除
UI_PEOPLE_HINT = 填写工号，用逗号分隔或每行一个。
UI_AS_OF_DAY = 按此日的任职
UI_AS_OF_DAY_HINT = 留空表示期间的最后一天。
UI_PREVIEW_POPULATION = 预览考核人员
UI_IS_IN = 纳入
UI_IS_OUT = 未纳入
UI_EVERYBODY_OF_UNIT = 该单位及下级的所有人
UI_RUN = 归属计算
UI_OPEN_RUN = 打开归属计算
UI_CORRECTS = 更正对象
UI_OPEN_CORRECTED = 打开已发布的结果
UI_RESULT_VERSION = 结果版本
UI_STEP_MADE = 已创建
UI_STEP_TO_CLOSE = 记录齐全后关账
UI_STEP_CLOSING = 正在关账：归属记录并计分
UI_STEP_FAILED = 关账失败
UI_STEP_CLOSED = 已关账：所有成绩卡已计分
UI_STEP_REVIEW = 待审阅并发布
UI_STEP_PUBLISHED = 已发布：结果已公开
UI_PROGRESS = 进度
UI_LOOK_AGAIN = 刷新
UI_DONE_OF = { $done } / { $total }
UI_WAITS_FOR_WORKER = 正在排队
UI_CLOSE_CYCLE = 关账
UI_CLOSE_AGAIN = 重新关账
UI_CANCEL_CLOSING = 停止关账
UI_CANCEL_CORRECTION = 放弃更正
UI_CANCEL_SAID = 已算出的内容将被丢弃，其他不受影响。
UI_CORRECT_CYCLE = 更正结果
UI_CORRECT_SAID = 将按现在的事实重新计算，与已发布的结果并存；发布之前不公开。
UI_CORRECT_REASON_HINT = 每位有成绩卡的人都会看到。
UI_SCHEME_VERSION = 方案版本
UI_SCHEME_VERSION_HINT = 留空表示沿用原版本。
UI_PUBLISH_RESULT = 发布结果
UI_PUBLISH_SURE = 是的，可以公开
UI_PUBLISH_SAID = 每位有成绩卡的人都会看到，薪酬也由此取数。已发布的结果不再更改，只能以新版本更正。
UI_PUBLISH_NOT_YOURS = 您无权在此发布。
UI_PUBLISHED_ALREADY = 此结果已经发布，没有重复操作。
UI_PUBLISH_NOTHING_YET = 还没有可发布的结果：请先关账。
UI_BACK_TO_CYCLE = 返回周期
UI_REVIEW = 结果
UI_RECORDS = 记录
UI_CREDITED = 已归属
UI_UNATTRIBUTED = 无人归属
UI_CREDITED_WITHIN = 归属于本周期人员
UI_CREDITED_OUTSIDE = { $people ->
   *[other] 另有 { $records } 归属于其他 { $people } 人
}
UI_CORRECTED_PEOPLE = 成绩卡有变化的人数
UI_HOW_CREDITED = 归属依据
UI_DISTRIBUTION = 分数分布
UI_SCORE_BETWEEN = { $from } 至 { $to } 以下
UI_MOVERS = 变动最大的人
UI_AGAINST = 对比 { $name }
UI_NOBODY_MOVED = 没有人的分数变化。
UI_SCORE_RANK = { $score }，第 { $rank } 名
UI_NOW = 现在
UI_DROPPED = 未计入的指标
UI_FINDINGS = 需要查看的问题
UI_FINDINGS_ALL = { $count ->
    [0] 没有异常。
   *[other] 共 { $count } 条。
}
UI_FINDINGS_MORE = 前 { $count } 条；还有更多。
UI_FINDINGS_FIRST = 最先的问题
UI_CARDS = 成绩卡
UI_NO_CARDS = 没有您可以查看的成绩卡。
UI_RANK = 名次
UI_SCORE = 分数
UI_CREDITED_RECORDS = 归属记录
UI_COMPARE_CARDS = 对比成绩卡
UI_WITH_PERSON = 对比
UI_CHOOSE_PEOPLE = 请在上方选择人员，其成绩卡将在此并排显示。
UI_CHANGED_SINCE = 计算之后的变化
UI_NOTHING_CHANGED = 没有变化：重新计算结果相同。
UI_CHANGED_ACCOUNTS = { $accounts ->
   *[other] { $accounts } 个账号有变化。
}
UI_CHANGED_OBSERVATIONS = { $observations ->
   *[other] { $observations } 条观测值新增或变化。
}
UI_CHANGED_OTHERS = { $others ->
   *[other] 另有 { $others } 个您无权查看的账号。
}
UI_CHANGED_RATE = { $from } 兑 { $to } 的汇率有变化。
UI_CHANGES_REMOVED = { $day } 以前的内容可能已按保留期清除，不作比对。
UI_CHANGED_ON_ACCOUNT = 记录变化 { $records }；值守不同的天数 { $days }
UI_CARD = 成绩卡
UI_OF_CARDS = 共 { $of }
UI_OUTSIDE_OWN = 其中 { $records } 在本人排班或团队之外
UI_POINTS_BY_INDICATOR = 各指标得分
UI_STEP_BY_STEP = 逐项说明
UI_VALUE = 数值
UI_ADJUSTED = 小样本调整后
UI_POINTS = 得分
UI_WEIGHTED = 加权得分
UI_MEASURED_ON = 计量记录数
UI_CARD_VERSIONS = 成绩卡的版本
UI_VERSIONS_BESIDE = 成绩卡版本对照
UI_NO_CARD_THEN = 无成绩卡
UI_NOT_PUBLISHED_YET = 此结果尚未发布，仅审阅者可见。
UI_OPEN_PERSON = 打开人员
UI_DIGEST = 输入摘要
UI_NEW_RUN = 开始归属计算
UI_NO_RUNS = 还没有归属计算。关账会启动一次；也可在计分之前由此启动。
UI_STARTED = 开始时间
UI_CYCLE = 周期
UI_RULES = 规则
UI_PEOPLE_CREDITED = 有归属的人数
UI_ACCOUNTS = 账号
UI_TOTALS = 按人汇总
UI_AT_LEAST = 至少
UI_AT_MOST = 至多
UI_NAMED_SHARE = 其中确定的
UI_CANCEL_RUN = 停止计算
UI_START_RUN = 开始
UI_RUN_SAID = 归属若干天的记录，以便在关账之前处理异常。不计分。
UI_NO_OBSERVATIONS = 这里没有观测值。观测值随导入而来，或由其他系统通过接口写入。
UI_NO_OBSERVATION = 该观测值已不存在
UI_SOURCE = 来源
UI_CAME_AT = 到达时间
UI_COUNTS = 有效
UI_WITH_VERSIONS = 包括已失效的
UI_WITHDRAW_OBSERVATION = 撤回观测值
UI_WITHDRAW_SAID = 此后不再计入。其各版本与您的理由仍可查看。
WORD_CYCLE_STATE_OPEN = 未关账
WORD_CYCLE_STATE_CLOSING = 关账中
WORD_CYCLE_STATE_REVIEWABLE = 待审阅
WORD_CYCLE_STATE_PUBLISHED = 已发布
WORD_CYCLE_STATE_FAILED = 失败
WORD_ATTRIBUTION_RUN_STATE_RUNNING = 进行中
WORD_ATTRIBUTION_RUN_STATE_DONE = 已完成
WORD_ATTRIBUTION_RUN_STATE_FAILED = 失败
WORD_ATTRIBUTION_RUN_STATE_CANCELLED = 已停止
WORD_NORMALISATION_TARGET_PIECEWISE = 按目标达成比例
WORD_NORMALISATION_MIN_MAX = 在群体最小与最大值之间
WORD_NORMALISATION_PERCENTILE = 群体百分位
WORD_NORMALISATION_T_SCORE = 与群体均值的距离（T 分）
WORD_DIRECTION_HIGHER = 越高越好
WORD_DIRECTION_LOWER = 越低越好
WORD_REFINEMENT_STATE_UP_TO_DATE = 已是最新
WORD_REFINEMENT_STATE_BEHIND_BUT_FITS = 落后但仍符合
WORD_REFINEMENT_STATE_MUST_FOLLOW = 须跟进
WORD_REFINEMENT_STATE_PARENT_WITHDRAWN = 标准已停用
WORD_POPULATION_REASON_FITS = 符合全部条件
WORD_POPULATION_REASON_NAMED_IN = 指名纳入
WORD_POPULATION_REASON_NAMED_OUT = 指名排除
WORD_POPULATION_REASON_NOT_EMPLOYED = 期间未在职
WORD_POPULATION_REASON_OTHER_UNIT = 当日属于其他单位
WORD_POPULATION_REASON_OTHER_POSITION = 当日为其他岗位
WORD_POPULATION_REASON_OTHER_GRADE = 当日为其他职级
WORD_POPULATION_REASON_OTHER_EMPLOYMENT_KIND = 当日为其他用工类型
WORD_POPULATION_REASON_EMPLOYMENT_KIND_NOT_SAID = 未说明用工类型
WORD_DROP_REASON_NOBODY_HAS_DATA = 所有人都没有数据
WORD_DROP_REASON_NO_DATA_OF_PERSON = 本人没有数据
WORD_DROP_REASON_NO_TARGET = 中位数不大于零，没有目标
WORD_DROP_REASON_TOO_LARGE = 数值过大，无法计算
WORD_DROP_REASON_TOO_LARGE_ELSEWHERE = 他人数值过大，无法计算
WORD_DROP_REASON_NO_PAST = 没有以往数值可比
WORD_PERSON_CHANGE_KIND_EMPLOYMENT = 单位或在职日期不同
WORD_PERSON_CHANGE_KIND_CAME_IN = 新纳入
WORD_PERSON_CHANGE_KIND_WENT_OUT = 已不在内
WORD_PERSON_CHANGE_KIND_PAST = 以往周期的数值不同
WORD_OBSERVATION_END_REVISED = 已修订
WORD_OBSERVATION_END_WITHDRAWN = 已撤回
WORD_EMPLOYMENT_KIND_FIXED_TERM = 固定期限
WORD_EMPLOYMENT_KIND_INTERN = 实习
WORD_EMPLOYMENT_KIND_AGENCY = 劳务派遣
WORD_EMPLOYMENT_KIND_OUTSOURCED = 外包
WORD_EMPLOYMENT_KIND_FREELANCE = 自由职业
WORD_ORG_UNIT_KIND_UNSPECIFIED = 单元
WORD_ORG_UNIT_KIND_GROUP = 集团
WORD_ORG_UNIT_KIND_LEGAL_ENTITY = 法人实体
WORD_ORG_UNIT_KIND_BRANCH = 分公司
WORD_ORG_UNIT_KIND_DEPARTMENT = 部门
WORD_ORG_UNIT_KIND_TEAM = 团队
WORD_REPORTING_LINE_KIND_UNSPECIFIED = 汇报关系
WORD_REPORTING_LINE_KIND_SOLID = 直线汇报
WORD_REPORTING_LINE_KIND_DOTTED = 虚线汇报
WORD_CATALOGUE_KIND_UNSPECIFIED = 条目
WORD_CATALOGUE_KIND_POSITION = 岗位
WORD_CATALOGUE_KIND_GRADE = 职级
WORD_PHASE_KIND_UNSPECIFIED = 未说明
WORD_PHASE_KIND_SHARED = 公用账号
WORD_PHASE_KIND_MIXED = 混合阶段
WORD_PHASE_KIND_NAMED = 实名接待
WORD_FACT_STATE_UNSPECIFIED = 有效
WORD_FACT_STATE_COUNTS = 有效
WORD_FACT_STATE_VOIDED = 已作废
WORD_FACT_STATE_MOVED = 已被替换
WORD_CORRECTION_ACTION_UNSPECIFIED = 更正
WORD_CORRECTION_ACTION_ADD = 补录
WORD_CORRECTION_ACTION_VOID = 作废
WORD_CORRECTION_ACTION_MOVE = 改正
WORD_CORRECTION_ACTION_CHANGE = 变更
WORD_CORRECTION_ACTION_CANCEL = 取消
WORD_CORRECTION_ACTION_END = 停用
WORD_CORRECTION_STATE_UNSPECIFIED = 仅预览
WORD_CORRECTION_STATE_WAITING = 待批准
WORD_CORRECTION_STATE_APPROVED = 已批准
WORD_CORRECTION_STATE_MADE = 已直接更正
WORD_CORRECTION_STATE_REJECTED = 已驳回
WORD_CORRECTION_STATE_WITHDRAWN = 已撤回
WORD_PUNCH_KIND_UNSPECIFIED = 打卡
WORD_PUNCH_KIND_IN = 上班
WORD_PUNCH_KIND_OUT = 下班
WORD_HANDOVER_KIND_UNSPECIFIED = 交接
WORD_HANDOVER_KIND_TAKE = 接手
WORD_HANDOVER_KIND_RELEASE = 交出
UI_DIALOGUES_AT_ONCE = 同时 { $count } 个会话
## Console: team

NAV_TEAM_MONTH = 团队月度
NAV_TEAM_ACCOUNTS = 账号时间线
NAV_FINDINGS = 待查事项
NAV_HANDOVERS = 账号交接
NAV_ROSTER = 排班
UI_TEAM_ABOUT = 关于
UI_TEAM_ACCOUNT = 账号
UI_TEAM_ACCOUNTS_SAID = 选择一个账号，查看谁在使用、来了哪些记录、各归谁。
UI_TEAM_ASK_TO_PUT_RIGHT = 申请更正
UI_TEAM_BEGAN = 开始
UI_TEAM_BROUGHT_BY = 由哪项更正带来
UI_TEAM_BY_ACCOUNTS = 按账号
UI_TEAM_BY_PEOPLE = 按人员
UI_TEAM_BY_WHAT = 人员或账号
UI_TEAM_CANCEL_SHIFT = 取消班次
UI_TEAM_CERTAIN = 可确定
UI_TEAM_CERTAIN_SAID = 有署名、认领、交接或独自当班
UI_TEAM_CHANGE_SHIFT = 调整班次
UI_TEAM_COLLABORATION = 协作
UI_TEAM_COMPARED_WITH = 与 { $before } 相比
UI_TEAM_CORRECTIONS_WAIT = 有 { $count } 项交接更正等待批准
UI_TEAM_CORRECTION_NOT_YOURS = 你可以查看，但不能申请更正。
UI_TEAM_CORRECTION_WAITS = 它的一项更正正在等待批准。
UI_TEAM_COUNTS_NO_MORE = 它已不再生效，这里无需更正。
UI_TEAM_COUNTS_NO_MORE_BY = 使它不再生效的更正
UI_TEAM_COUNTS_PUT_RIGHT = 已更正
UI_TEAM_CREDITED_TO_NOBODY = 这些日子里有 { $count } 条记录未归属任何人。
UI_TEAM_CREDITS_OF = 归属来自
UI_TEAM_CUSTOMER = 客户
UI_TEAM_CYCLE = 考核周期
UI_TEAM_DAYS = { $count } 天
UI_TEAM_DAYS_SHOWN = 显示的日期
UI_TEAM_DAYS_TOO_MANY = 一次最多 { $limit } 天
UI_TEAM_DAY_DRAWN = { $day }：{ $records } 条记录，{ $gaps ->
    [0] 全天有人当班
   *[other] { $gaps } 段时间无人当班
}。
UI_TEAM_DEVICE = 设备
UI_TEAM_DUTY_AS_TABLE = 当班表
UI_TEAM_EARLIER_VERSIONS = 较早的版本
UI_TEAM_ENDED = 结束
UI_TEAM_END_HINT = 不晚于开始时间表示次日结束。
UI_TEAM_EVIDENCE = 依据
UI_TEAM_FINDINGS_OF = 待查事项来自
UI_TEAM_FIRST_DAY = 首日
UI_TEAM_FIRST_REPLY = 首次回复
UI_TEAM_FIX = 可直接更正
UI_TEAM_FIXABLE = 其中 { $count } 项可在此直接更正：打开即可看到将要做什么。
UI_TEAM_FIX_ALIAS = { $platform } 上的“{ $alias }”将表示 { $person }。
UI_TEAM_FIX_AT_ONCE = 立即生效。
UI_TEAM_FIX_CLOSE = 该周期将重新关账。
UI_TEAM_FIX_HANDOVER = 将补记 { $person } 对 { $account } 的交接：{ $kind }，{ $at }。
UI_TEAM_FIX_MOVE = 记录 { $record } 将从 { $from } 移到 { $to }。
UI_TEAM_FIX_NONE = 如何更正无法由已知情况推出，需要当事人说明。上面的建议说明了该做什么。
UI_TEAM_FIX_NOT_YOURS = 有相应权限的人可以更正。
UI_TEAM_FIX_OTHER = 将调用 { $call }。
UI_TEAM_FIX_PUNCH = 将补记 { $person } 的打卡：{ $kind }，{ $at }。
UI_TEAM_FIX_THERE = 可更正
UI_TEAM_FIX_WAITS = 须由他人批准后才生效。
UI_TEAM_FORGOTTEN_HANDOVER = 补记遗漏的交接
UI_TEAM_MONDAY = 周一
UI_TEAM_TUESDAY = 周二
UI_TEAM_WEDNESDAY = 周三
UI_TEAM_THURSDAY = 周四
UI_TEAM_FRIDAY = 周五
UI_TEAM_SATURDAY = 周六
UI_TEAM_SUNDAY = 周日
UI_TEAM_FROM = 从
UI_TEAM_GAP_AT = 无人 { $gaps }
UI_TEAM_GAP_BUSY = 无人当班但有记录
UI_TEAM_HANDOVER = 交接
UI_TEAM_HOW_KNOWN = 如何得知
UI_TEAM_HOW_SURE = 把握程度
UI_TEAM_HOW_THE_SCORE_CAME = 得分如何得出
UI_TEAM_INDICATOR = 指标
UI_TEAM_KIND = 类型
UI_TEAM_LAST_DAY = 末日
UI_TEAM_LAST_DAY_HINT = 留空表示仅首日。
UI_TEAM_LEGEND = 图例
UI_TEAM_LEGEND_SAID = 每条记录按归属人的颜色绘制，高度即份额，份额越小颜色越淡。字母代表份额最多的人，姓名写在各自的行上。圆点是打卡与交接：实心为上班或接手，空心为下班或交出。
UI_TEAM_LOOK_AT_IT = 查看
UI_TEAM_MOVED = 得分变化
UI_TEAM_MOVE_HINT = 仅在时间有误时填写。
UI_TEAM_NAMED = 署名客服
UI_TEAM_NOBODY = 无人
UI_TEAM_NOBODY_ON_DUTY = 无人当班
UI_TEAM_NOTHING_ODD = 本月没有异常。
UI_TEAM_NOT_CREDITED = 尚未归属
UI_TEAM_NOT_CREDITED_YET = 此处尚未归属：没有已关账的周期或计算覆盖它。仅显示来了什么、谁在当班。
UI_TEAM_NO_ACCOUNTS = 你可查看的范围内没有账号。
UI_TEAM_NO_CARDS = 你可查看的范围内没有成绩单。
UI_TEAM_NO_CARDS_DO = 周期关账后才会出现。可在上方选择其他周期，或先查看账号。
UI_TEAM_NO_CARD_OF_PERSON = 此人在该周期没有成绩单。
UI_TEAM_NO_FINDINGS = 没有需要查看的事项。
UI_TEAM_NO_FINDINGS_DO = 每次归属计算都会产生待查事项，关账之前也会。
UI_TEAM_NO_HANDOVERS = 这些日子里没有交接。
UI_TEAM_NO_HANDOVERS_DO = 可在上方选择其他日期。接手或交出账号时会产生交接记录。
UI_TEAM_NO_RECORDS = 这些日子里没有记录。
UI_TEAM_NO_SHIFT = 无班
UI_TEAM_ON_DUTY = 当班
UI_TEAM_ON_DUTY_HELD = 交接在手
UI_TEAM_ON_DUTY_LOOSE = 作为团队一员当班
UI_TEAM_OTHERS = 你无权查看的人
UI_TEAM_OTHER_ACCOUNT = 你无权查看的账号
UI_TEAM_OUTSIDE = 外部记录
UI_TEAM_PERSON = 人员
UI_TEAM_PERSON_HINT = 列表中的姓名或工号。
UI_TEAM_PHASE = 使用方式
UI_TEAM_PLATFORM = 平台
UI_TEAM_POINTS = 分数
UI_TEAM_POINTS_BY_INDICATOR = 各指标得分
UI_TEAM_POLICY = 策略版本
UI_TEAM_PUBLISH_SAID = 时间以账号所在时区为准，排到的人立即可见。
UI_TEAM_PUBLISH_SHIFTS = 发布班次
UI_TEAM_PUNCHED = 打卡在岗
UI_TEAM_PUT_IT_RIGHT = 更正
UI_TEAM_PUT_RIGHT_BECAUSE = 更正原因
UI_TEAM_RANGE = 区间（90 %）
UI_TEAM_RANK = 名次
UI_TEAM_RANK_OF = 第 { $rank } 名，共 { $of } 名
UI_TEAM_RATING = 评分
UI_TEAM_RECORD = 记录
UI_TEAM_RECORDS = 记录
UI_TEAM_RECORDS_AS_TABLE = 记录表
UI_TEAM_RECORDS_CAME = 有记录
UI_TEAM_RECORDS_CREDITED = 归属于你可查看的人
UI_TEAM_REFUND_OF = 退款对应
UI_TEAM_RESOLVED = 已解决
UI_TEAM_ROSTERED = 排班
UI_TEAM_SCORE = 得分
UI_TEAM_SCORE_MEDIAN = 得分中位数
UI_TEAM_SEAT = 座位
UI_TEAM_SECONDS = { $seconds } 秒
UI_TEAM_SHIFT = 班次
UI_TEAM_SHIFT_COUNTS_NO_MORE = 该班次已不再生效，请调整取代它的班次。
UI_TEAM_SHIFT_NOT_YOURS = 你可以查看该班次，但不能调整。
UI_TEAM_SHIFT_REASON_HINT = 班次开始之后必须填写。
UI_TEAM_STORE = 店铺
UI_TEAM_SURE_KNOWN = 可确定
UI_TEAM_SURE_NOBODY = 未归属任何人
UI_TEAM_SURE_SHARED = 均分，无法区分
UI_TEAM_SURE_WEIGHED = 按依据衡量
UI_TEAM_TARGET = 目标
UI_TEAM_TIMES_IN = 时间以 { $zone }（{ $offset }）为准。
UI_TEAM_TIMES_OF_ACCOUNTS = 时间以各账号所在时区为准。
UI_TEAM_TO = 到
UI_TEAM_TODAY = 今天
UI_TEAM_TO_THE_CARD = 查看成绩单
UI_TEAM_TO_THE_FINDINGS = 本月待查事项
UI_TEAM_TO_THE_TABLE = 跳到记录表
UI_TEAM_TO_THE_TIMELINE = 时间线
UI_TEAM_VALUE = 数值
UI_TEAM_VIEW = 显示范围
UI_TEAM_VIEW_DAY = 日
UI_TEAM_VIEW_MONTH = 月
UI_TEAM_VIEW_WEEK = 周
UI_TEAM_WEIGHT = 权重
UI_TEAM_WHAT = 事项
UI_TEAM_WHAT_CORRECTIONS_CHANGED = 更正带来的变化
UI_TEAM_WHAT_IS_ODD = 异常
UI_TEAM_WHAT_IS_RIGHT = 正确情况
UI_TEAM_WHAT_IT_WAS = 记录内容
UI_TEAM_WHAT_SHOWS_IT = 凭据
UI_TEAM_WHAT_TO_DO = 建议
UI_TEAM_WHAT_WAS_PUT_RIGHT = 更正情况
UI_TEAM_WHAT_WAS_SEEN = 所见情况
UI_TEAM_WHEN = 时间
UI_TEAM_WHEN_IT_WAS = 实际时间
UI_TEAM_WHERE_THE_RECORDS_ARE = 记录在哪些账号
UI_TEAM_WHOSE = 归谁
UI_TEAM_WHY = 为什么
UI_TEAM_ZONE_OF_DAYS = 日期所在时区
WORD_DUTY_RULE_HANDOVER = 交接在手
WORD_DUTY_RULE_ROSTER = 已排班且打卡不矛盾
WORD_DUTY_RULE_PUNCH = 团队成员且已打卡
WORD_DUTY_RULE_TEAM = 没有依据：整个团队
WORD_VERSION_END_REVISED = 发送方已修订
WORD_VERSION_END_MOVED = 已移到其他账号
WORD_VERSION_END_WITHDRAWN = 已撤回
WORD_NOBODY_ON_DUTY = 无人当班
DONE_FIX_ASKED = 已提交，等待他人批准
DONE_FIX_MADE = 已更正
DONE_CORRECTION_ASKED = 已提交，等待他人批准
DONE_SHIFTS_PUBLISHED = 班次已发布
DONE_SHIFT_CHANGED = 班次已调整
DONE_SHIFT_CANCELLED = 班次已取消

## Console: words that other rooms have too

WORD_RECORD_AGGREGATION_MEAN = 平均值
WORD_RECORD_AGGREGATION_SUM = 合计
WORD_RECORD_AGGREGATION_COUNT = 条数
WORD_RECORD_AGGREGATION_SHARE = 满足条件的百分比
WORD_RECORD_AGGREGATION_DISTINCT = 客户数
WORD_OBSERVATION_AGGREGATION_SUM = 合计
WORD_OBSERVATION_AGGREGATION_MEAN = 平均值
WORD_OBSERVATION_AGGREGATION_LAST = 最后一个
WORD_OBSERVATION_OF_PERSON = 本人
WORD_OBSERVATION_OF_UNIT = 所属单位
WORD_OBSERVATION_OF_ACCOUNT = 账号
WORD_OBSERVATION_OF_STORE = 店铺
WORD_OBSERVATION_OF_CAMPAIGN = 活动
WORD_COMPARISON_AT_MOST = 不大于
WORD_COMPARISON_AT_LEAST = 不小于
WORD_COMPARISON_BELOW = 小于
WORD_COMPARISON_ABOVE = 大于
WORD_COMPARISON_EQUAL = 等于
DONE_SCHEME_SAVED = 版本已保存。
DONE_SCHEME_WITHDRAWN = 已停用。
DONE_MEASURE_SAVED = 度量已保存。
DONE_MEASURE_RETIRED = 度量已停用。
DONE_CYCLE_MADE = 周期已创建。
DONE_CYCLE_CLOSING = 已开始关账。
DONE_CYCLE_CANCELLED = 已停止。
DONE_CYCLE_CORRECTING = 正在计算更正。
DONE_CYCLE_PUBLISHED = 结果已发布。
DONE_RUN_STARTED = 归属计算已开始。
DONE_RUN_CANCELLED = 归属计算已停止。
DONE_OBSERVATION_WITHDRAWN = 观测值已撤回。
WORD_FINDING_MISSING_PUNCH = 缺卡
WORD_FINDING_DOUBLE_IN = 重复上班打卡
WORD_FINDING_TAG_OFF_DUTY = 平台署名但不在岗
WORD_FINDING_UNCOVERED_SHIFT = 无人到岗的班次
WORD_FINDING_NAMED_WITHOUT_AGENT = 署名对不上人
WORD_FINDING_MISSING_RELEASE = 未交还账号
WORD_FINDING_CLAIM_OFF_DUTY = 不在岗时认领
WORD_FINDING_OVERLAP = 同时占用同一账号
WORD_FINDING_SEVERAL_AT_ONCE = 同时在多个账号
WORD_FINDING_TOO_FEW_REPLIES = 回复过少无法判断
WORD_FINDING_DEVICE_OFF_DUTY = 设备主人不在岗
WORD_FINDING_MIXED_WITHOUT_TAG = 混用账号无署名
WORD_FINDING_NO_DUTY_EVIDENCE = 没有在岗依据
WORD_FINDING_CLAIMS_DIFFER = 认领相互矛盾
WORD_FINDING_CLAIM_WITHOUT_RECORD = 认领没有对应记录
WORD_FINDING_BREAKS_NOT_PUNCHED = 休息未打卡
WORD_FINDING_DEVICE_OF_NOBODY = 无主设备
WORD_FINDING_EVIDENCE_UNEVEN = 依据分布不均
WORD_FINDING_EVIDENCE_NOT_READ = 未采用的依据
## Console: mine

NAV_TODAY = 今天
NAV_MONTH = 我的月度
NAV_MY_PAY = 我的奖金
NAV_FACTS = 我的考勤
UI_MINE_ZONE = 时间均为 { $zone } 时区。
UI_MINE_ZONE_OTHER = 时间均为您所选的 { $zone } 时区；您的工作地为 { $site }，日期以工作地为准。
UI_MINE_LASTS = { $hours } 小时 { $minutes } 分
UI_MINE_LASTS_COLUMN = 在岗时间
UI_MINE_ACCOUNT = 账号 … { $code }
UI_MINE_ACCOUNT_COLUMN = 账号
UI_MINE_FREE = 今天没有排班
UI_MINE_AHEAD = 您的班次 { $at } 开始
UI_MINE_LATE = 您的班次 { $at } 已开始，您尚未上班打卡
UI_MINE_ABSENT = 有排班，没有打卡
UI_MINE_IN = { $at } 起在岗
UI_MINE_MISSING = 缺一次打卡
UI_MINE_WAS = 在岗 { $lasts }
UI_MINE_DAY_FREE = 无排班
UI_MINE_DAY_AHEAD = 已排班
UI_MINE_DAY_LATE = 尚未打卡
UI_MINE_DAY_ABSENT = 没有打卡：去更正
UI_MINE_DAY_IN = 在岗
UI_MINE_DAY_MISSING = 缺打卡：去更正
UI_MINE_DAY_WAS = 完整
UI_MINE_COME = 上班打卡
UI_MINE_LEAVE = 下班打卡
UI_MINE_SHIFT = 班次
UI_MINE_NO_SHIFT = 这一天没有排班。
UI_MINE_SEAT = 座位
UI_MINE_PUNCHES = 打卡
UI_MINE_NO_PUNCHES = 这一天还没有打卡。
UI_MINE_TO_FACTS = 全部日期与更正
UI_MINE_ACCOUNTS = 客服账号
UI_MINE_NO_ACCOUNTS = 没有给您安排账号。如果您在用账号接待，请联系主管。
UI_MINE_TAKE = 接管
UI_MINE_RELEASE = 交出
UI_MINE_HELD_BY_ME = { $at } 起由您使用
UI_MINE_HELD_BY = { $at } 起由 { $name } 使用
UI_MINE_HELD_BY_OTHER = { $at } 起有人使用
UI_MINE_HELD_BY_NOBODY = 在您可见的人中无人使用
UI_MINE_DRIFT = 您设备的时钟相差 { $minutes } 分钟。打卡以系统时间为准，设备的时间一并留存。
UI_MINE_DROPPED = 不计
UI_MINE_ADDED = 更正所得
UI_MINE_MOVE = 更正
UI_MINE_VOID = 并未发生
# Somebody else is signed in on the device than when the punch was made.
UI_MINE_OTHERS_PUNCH = 这次打卡是另一个人在这台设备上打的：须由本人登录后发送
UI_MINE_LATE_REASON = 无网络时于 { $at } 打卡
UI_MINE_LATE_ASKED = 已于 { $recorded } 记录。按您按下按钮的时间 { $at } 计，待审批。
UI_MINE_LATE_NOT_ASKED = 已于 { $recorded } 记录。您是在 { $at } 按下的，但未能自动申请更正（{ $why }）：请到“我的考勤”更正。
UI_QUEUE = 无网络时的打卡
UI_QUEUE_WAITING = 等待网络，联网后自动发送
UI_QUEUE_RECORDED = 已记录
UI_QUEUE_REFUSED = 被拒绝
UI_OFFLINE = 没有网络
UI_OFFLINE_SAID = 您仍然可以打卡：设备会连同时间一起保存，联网后自动发送。
UI_OFFLINE_SCRIPTS = 无网络打卡需要脚本，而您的浏览器没有运行脚本。
UI_MINE_CYCLES = 考核周期
UI_MINE_SCORE = 得分
UI_MINE_PLACE = 名次
UI_MINE_RANK = 第 { $rank } 名，共 { $of } 人
UI_MINE_GAP = 距目标还差
UI_MINE_GAP_SAID = 未达目标的各项指标合计所差的分数
UI_MINE_COLLABORATION = 协作
UI_MINE_STEPS = 得分的每一步
UI_MINE_OF_WEIGHT = { $points } / { $weight }
UI_MINE_IN_WORDS = 逐步说明
UI_MINE_HELPS = 最有帮助的是
UI_MINE_HELPS_NOTHING = 各项指标均已达到目标。
UI_MINE_LACKS = 所差分数：
UI_MINE_TOTALS = 归属给您的记录
UI_MINE_INTERVAL = 竖线是归属给您的数量；您实际接待的数量有 90 % 的把握落在横条之内。
UI_MINE_ALL_ACCOUNTS = 全部账号
UI_MINE_HOW_SURE = 把握程度
UI_MINE_TO_RECORDS = 逐条记录及原因
UI_MINE_RECORDS = 记录
UI_MINE_RECORD = 记录
UI_MINE_BEGAN = 开始时间
UI_MINE_SHARE = 您的份额
UI_MINE_OTHERS = 其他人
UI_MINE_NO_RECORDS = 这里没有归属给您的记录。
UI_MINE_WHY = 原因
UI_MINE_HIDDEN = *** 处是您无权查看的人。
UI_MINE_VERSIONS = 版本
UI_MINE_VERSION = 第 { $number } 版：得分 { $score }
UI_MINE_NO_VERSIONS = 这份成绩单尚未公布。
UI_MINE_DRAFT = 该周期正在复核：公布之前得分可能变化。
UI_MINE_NO_CARD = 您还没有成绩单。包含您的考核周期公布后即可看到。
UI_MINE_STATEMENT = 结算单
UI_MINE_STATEMENTS = 结算单
UI_MINE_NO_STATEMENTS = 您还没有结算单。由已公布的周期结算后即可看到。
UI_MINE_EQUAL = 若平均分配
UI_MINE_LINES = 金额构成
UI_MINE_NO_LINES = 这份结算单只含调整。
UI_MINE_ADJUSTMENTS = 对以前结算单的更正
UI_MINE_DELTAS = 已更正的金额
UI_MINE_LEFT = 尚待结算：
UI_MINE_LEFT_NEXT = 留待下一份结算单：
UI_MINE_BEHIND = 得分基于 { $total } 条记录，此处列出 { $count } 条。
UI_MINE_NO_DAYS = 本月没有打卡，也没有排班。
UI_MINE_FINDINGS = 与您有关的异常
UI_MINE_NO_FINDINGS = 没有：您的打卡与记录相互吻合。
UI_MINE_ADVICE = 怎么办：
UI_MINE_FIX = 申请照此更正
UI_MINE_CORRECTIONS = 更正申请
UI_MINE_NO_CORRECTIONS = 您没有申请过更正。
UI_MINE_WITHDRAW = 撤回
UI_MINE_HANDOVERS = 交接
UI_MINE_NO_HANDOVERS = 本月您没有接管或交出账号。
UI_MINE_ADD = 补一次打卡
UI_MINE_MOVE_TITLE = 更正打卡
UI_MINE_VOID_TITLE = 并未发生的打卡
UI_MINE_IT_WAS = 现为：{ $kind }，{ $at }
UI_MINE_RIGHT_SAID = 须由他人审批，在此之前一切照旧。已记录的内容不会被抹去。
UI_MINE_WHEN = 实际时间
UI_MINE_KIND = 上班或下班
UI_MINE_ASK = 提交申请
WORD_PUNCH_VERDICT_ACCEPTED = 正常
WORD_PUNCH_VERDICT_DOUBLE_IN = 您已在岗：从这次重新开始
WORD_PUNCH_VERDICT_OUT_WITHOUT_IN = 之前没有上班打卡
WORD_PUNCH_VERDICT_OFF_ROSTER = 此时没有排班
DONE_CAME = 上班打卡成功。
DONE_LEFT = 下班打卡成功。
DONE_PUNCHED = 打卡已记录。
DONE_TOOK = 账号从现在起由您使用。
DONE_RELEASED = 账号已交出。
DONE_ASKED = 已提交申请，待他人审批。
DONE_WITHDRAWN = 已撤回。
## Console: pay

NAV_POOLS = 奖金池
NAV_SETTLEMENTS = 结算
NAV_STATEMENTS = 结算单
NAV_PAY_CORRECTIONS = 薪酬更正
NAV_RATES = 汇率
WORD_SETTLEMENT_STATE_DRAFT = 草稿
WORD_SETTLEMENT_STATE_APPROVED = 已批准
WORD_SETTLEMENT_STATE_POSTED = 已入账
WORD_SETTLEMENT_STATE_DISCARDED = 已作废
WORD_PAY_CORRECTION_STATE_DRAFT = 草稿
WORD_PAY_CORRECTION_STATE_APPROVED = 已批准
WORD_PAY_CORRECTION_STATE_WITHDRAWN = 已撤回
DONE_POOL_MADE = 奖金池已建立。
DONE_SETTLEMENT_DRAFTED = 结算草稿已生成，须由他人批准。
DONE_PAY_APPROVED = 结算已批准，现在可以入账。
DONE_PAY_POSTED = 结算已入账，此后不再改变。
DONE_PAY_DISCARDED = 结算已作废。
DONE_NOTHING_MOVED_ON = 未执行任何操作：其状态此前已经改变。以下为当前状态。
DONE_PAY_CORRECTION_DRAFTED = 更正草稿已生成，须由他人批准。
DONE_PAY_CORRECTION_APPROVED = 更正已批准，差额由之后的结算支付。
DONE_PAY_CORRECTION_WITHDRAWN = 更正已撤回。
DONE_RATE_SET = 汇率已写入。
DONE_RATE_KNOWN = 未写入：该汇率早已存在。
UI_PAY_ACCOUNT = 客服账号
UI_PAY_ACCOUNT_HIDDEN = 您无权查看的账号
UI_PAY_ADJUSTMENTS = 以往月份的更正
UI_PAY_ADJUSTMENTS_ALONE = 该结算单不含奖金池金额，只支付以往月份的更正。
UI_PAY_ALSO_SUPERSEDED = 同时显示已被取代的汇率
UI_PAY_AMOUNTS_HIDDEN = 您可以看到有哪些结算单，但无权查看个人薪酬：金额未发送到本页面。
UI_PAY_AMOUNT_HINT = 数字，最多一个小数点，例如 120000.50。
UI_PAY_ANOTHER_ACCOUNT = 另一账户（…{ $tail }）
UI_PAY_APPROVAL_ELSEWHERE = 等待有批准权限的人批准；您没有该权限。
UI_PAY_APPROVE = 批准
UI_PAY_APPROVE_PAY_CORRECTION_SAID = 批准后，差额由之后的结算补发或扣回。
UI_PAY_APPROVE_SAID = 它不是您准备的，您可以批准。请先核对明细与合计。
UI_PAY_BEFORE = 原金额
UI_PAY_BEFORE_ROUNDING = 取整前
UI_PAY_BESIDE_THE_POOL = 不计入奖金池
UI_PAY_CARRY = 零头结转下月
UI_PAY_CARRY_HINT = 无法均分的零头逐月结转，长期持平。
UI_PAY_CORRECTION = 薪酬更正
UI_PAY_CORRECTION_REASON_HINT = 每张有变动的结算单都会显示该原因。
UI_PAY_CORRECTION_SAID = 已入账的保持不变。按现在的成绩单重新分配奖金池，每人的差额由下一次结算支付。
UI_PAY_COUNTS = 有效
UI_PAY_CURRENCY = 币种
UI_PAY_CURRENCY_HINT = 三个字母，例如 CNY。
UI_PAY_CYCLE = 考核周期
UI_PAY_CYCLE_HIDDEN = 您无权查看的考核周期
UI_PAY_DELTAS = 金额有变动的人员
UI_PAY_DIFFERENCE = 差额
UI_PAY_DISCARD = 作废
UI_PAY_DISCARD_SAID = 作废该结算，之后奖金池可以重新分配。
UI_PAY_DRAFT_PAY_CORRECTION = 生成更正草稿
UI_PAY_DRAFT_SETTLEMENT = 生成结算草稿
UI_PAY_EQUAL_SPLIT = 平均分配
UI_PAY_EQUAL_SPLIT_SAID = 不看成绩时每人所得
UI_PAY_FLOOR = 起算分
UI_PAY_FLOOR_HINT = 等于或低于该分不得奖金；留空为 0。
UI_PAY_FUND_NAME = 基金名称
UI_PAY_HIDDEN = 已隐藏
UI_PAY_HOW_KNOWN = 依据
UI_PAY_HOW_MADE = 金额构成
UI_PAY_HOW_SPLIT = 分配方式
UI_PAY_IN = 折合
UI_PAY_LEFT_TO_PAY = 待支付
UI_PAY_LESS = 减少合计
UI_PAY_LINES_TOGETHER = 明细合计
UI_PAY_LOWEST_SCORE = 最低分
UI_PAY_MAKE_POOL = 建立奖金池
UI_PAY_MORE = 增加合计
UI_PAY_NAME_HIDDEN = 姓名已隐藏
UI_PAY_NEW_PAY_CORRECTION = 更正薪酬
UI_PAY_NEW_POOL = 新建奖金池
UI_PAY_NEW_RATE = 新汇率
UI_PAY_NEW_SETTLEMENT = 新建结算
UI_PAY_NOW = 现金额
UI_PAY_NO_CARRY = 零头在当月内分配完毕。
UI_PAY_NO_DELTAS = 没有人的金额发生变动。
UI_PAY_NO_PAY_CORRECTIONS = 尚无薪酬更正。已入账的结算通过更正来修正。
UI_PAY_NO_PERCENT = 不是 0 到 100 之间、最多四位小数的百分数
UI_PAY_NO_POOLS = 尚无奖金池。请为考核周期建立一个：金额与分配方式。
UI_PAY_NO_POOL_READY = 目前没有可分配的奖金池：均已支付或正在结算，或其考核周期尚未发布。请先建立奖金池或发布考核周期。
UI_PAY_NO_POSTED_SETTLEMENT = 尚无已入账的结算，无需更正。草稿可作废后重新生成。
UI_PAY_NO_RATES = 尚无汇率。仅在核算其他币种的金额时才需要。
UI_PAY_NO_RECORDS_BEHIND = 该结算单没有对应的服务记录。
UI_PAY_NO_SETTLEMENTS = 尚无结算。请由已发布的考核周期和奖金池生成草稿。
UI_PAY_NO_SETTLEMENT_OF_POOL = 该奖金池尚未结算：请生成结算草稿。
UI_PAY_NO_STATEMENTS = 这里没有您可查看的结算单。
UI_PAY_NOT_PUBLISHED = 尚未发布
UI_PAY_NUMBER = 序号
UI_PAY_NUMBERED = { $at }. { $label }
UI_PAY_OF_THE_POOL = 来自奖金池
UI_PAY_ONE_OF = 1 单位
UI_PAY_ONLY_COUNTING = 仅显示有效汇率
UI_PAY_PAID = 发给个人
UI_PAY_PART_FUND_SAID = 该部分留给团队，不发给个人。份额留空则不设此部分。
UI_PAY_PART_PROPORTIONAL_SAID = 按超过起算分的分数分配。份额留空则不设此部分。
UI_PAY_PART_TIERS_SAID = 从最好的档开始。每档按人数百分比，或按最低分划定；档内每人权重相同。份额留空则不设此部分。
UI_PAY_PERCENT_OF_POOL = 占奖金池百分比
UI_PAY_POOL = 奖金池
UI_PAY_POOLS_WAIT = 有 { $count } 个奖金池不在选项中：其考核周期的成绩尚未发布。
UI_PAY_POOL_NAME_HINT = 例如：三月奖金。
UI_PAY_POOL_TO_SPLIT_HINT = 仅限考核周期已发布且尚未支付的奖金池。
UI_PAY_POOL_UNIT_HINT = 支付对象：考核周期所属单元或其下级。留空为整个周期。
UI_PAY_POOL_WAITS = 考核周期的成绩发布后即可结算该奖金池。
UI_PAY_POST = 入账
UI_PAY_POSTING_ELSEWHERE = 等待有入账权限的人入账；您没有该权限。
UI_PAY_POST_SAID = 入账后不再改变，奖金池即告支付。
UI_PAY_PREPARED_AT = 准备时间
UI_PAY_PUBLISHED = 已发布
UI_PAY_QUOTA = 人数百分比
UI_PAY_RATE = 汇率
UI_PAY_RATES_SAID = 汇率一直有效，直到同币种的下一条。以前的说法仍可查看。
UI_PAY_RATE_HINT = 例如 7.1234。
UI_PAY_RECORD = 服务记录
UI_PAY_RECORDS_BEHIND = 对应的服务记录
UI_PAY_RECORDS_TRACED = { $all } 条记录中的 { $count } 条
UI_PAY_ROW_REFUSED = { $said }
UI_PAY_RULE_FUND_SAID = 留给团队，不发给个人。
UI_PAY_RULE_PROPORTIONAL = 按分数比例
UI_PAY_RULE_PROPORTIONAL_SAID = 按超过 { $floor } 的分数分配。
UI_PAY_RULE_TIERS = 按档次
UI_PAY_RULE_TIERS_SAID = 档内每人权重相同，该部分按权重分配。
UI_PAY_SAY_SURE = 请勾选确认
UI_PAY_SCORE = 得分
UI_PAY_SETTLEMENT = 结算
UI_PAY_SETTLEMENT_LINES = 每人所得
UI_PAY_SETTLEMENT_LINES_SAID = 每行通往结算单：计算步骤、成绩单及服务记录。成绩来自
UI_PAY_SET_RATE = 写入汇率
UI_PAY_SHARES_SUM = 各部分份额合计为 { $sum } %，应为 100 %
UI_PAY_SHOW_DIFFERENCE = 查看会有哪些变动
UI_PAY_SHOW_MORE = 显示更多
UI_PAY_SOURCE = 来源
UI_PAY_SOURCE_HINT = 例如央行每日中间价。
UI_PAY_STATEMENT = 结算单
UI_PAY_STEP_APPROVED = 已批准
UI_PAY_STEP_DISCARDED = 已作废
UI_PAY_STEP_DRAFTED = 已起草
UI_PAY_STEP_POSTED = 已入账
UI_PAY_STEP_PREPARED = 已准备
UI_PAY_STEP_WAITS_APPROVAL = 等待他人批准
UI_PAY_STEP_WAITS_POSTING = 等待入账
UI_PAY_STEP_WITHDRAWN = 已撤回
UI_PAY_SUM = 合计
UI_PAY_SUM_FAILS = 合计不等于奖金池
UI_PAY_SUM_HOLDS = 与奖金池分毫不差
UI_PAY_SUPERSEDED = 已被取代
UI_PAY_TEAM_FUND = 团队基金
UI_PAY_TIER = 档次
UI_PAY_TIER_FROM = { $score } 分起
UI_PAY_TIER_QUOTA = 人数的 { $quota }
UI_PAY_TO_CARD = 查看成绩单
UI_PAY_TO_RECORDS = 查看服务记录
UI_PAY_TO_SETTLEMENT = 被更正的结算
UI_PAY_UNIT_HIDDEN = 您无权查看的单元
UI_PAY_UNKNOWN_STEP = 本页没有这一步：请重新加载
UI_PAY_WEIGHT = 权重
UI_PAY_WEIGHT_OF = { $sum } 中的 { $weight }
UI_PAY_WHAT_WOULD_CHANGE = 会有哪些变动
UI_PAY_WHO = 人员
UI_PAY_WHOLE_GROUP = 整个集团
UI_PAY_WHY = 差额原因
UI_PAY_WITHDRAW = 撤回
UI_PAY_WITHDRAW_SAID = 撤回草稿，任何人的薪酬都不变。
UI_PAY_WOULD_CHANGE = { $people } 人金额有变动：增加 { $more }，减少 { $less }。尚未写入。
UI_PAY_WRITTEN_AT = 写入时间
UI_PAY_YOU = 您
UI_PAY_YOU_HAD_A_HAND = 该结算由您准备或批准，须由他人入账（四眼原则）。
UI_PAY_YOU_PREPARED = 由您准备，须由他人批准（四眼原则）。

## Console: audit

NAV_AUDIT_LOG = 日志
NAV_AUDIT_EXPORTS = 解释材料
NAV_AUDIT_CHAIN = 日志校验
NAV_AUDIT_REPLAY = 重放
UI_CHAIN_SAID = 每个服务都记录集团内做过和看过的事。每条记录都与前一条相连，最新一条有签名，每一行数据都指明写入它的记录。校验会全部重读一遍：其间被改动、插入或删除的内容都会被发现并指明。
UI_CHAIN_SERVICE = 哪份日志
UI_CHAIN_ALL = 全部
UI_CHAIN_CHECK = 校验
UI_CHAIN_CHECKING = 正在读取日志
UI_CHAIN_RESULT = 校验结果
UI_CHAIN_CHECKED = 已校验 { $count } 条记录
UI_CHAIN_WHOLE = 完整
UI_CHAIN_BROKEN = 有断点
UI_CHAIN_UNKNOWN = 未知
UI_CHAIN_HOLDS = { $entries } 条记录和 { $rows } 行数据与写入时一致。
UI_CHAIN_FAILS = 已读取 { $entries } 条记录和 { $rows } 行数据。以下内容与写入时不一致（每条链和每张表只列第一处）：
UI_CHAIN_EMPTY = 这份日志里还没有记录。
UI_CHAIN_FROM = 第一条
UI_CHAIN_TO = 最后一条
UI_CHAIN_OUTSIDE = 运行 Tally 的人还可以用 tally audit verify 将日志与存放在别处的签名对照：这样能发现整个数据库被换回旧版本。
UI_REPLAY_SAID = 已关闭的月份由当时的事实、记录以及政策和方案的版本得出。重放会重新推导一遍，并与存储的结果对照。重放不会改动任何内容。
UI_REPLAY_WHAT = 哪个周期或结算
UI_REPLAY_CYCLES = 考核周期
UI_REPLAY_SETTLEMENTS = 结算
UI_REPLAY_RUN = 重放
UI_REPLAY_NONE = 还没有您可以查看的已关闭周期。有周期关闭后，可以在这里重放。
UI_REPLAY_RUNNING = 正在重新推导
UI_REPLAY_RESULT = 重放结果
UI_REPLAY_SAME = 一致
UI_REPLAY_DIFFERENT = 不一致
UI_REPLAY_CYCLE_SAME = 已重新推导 { $credits } 条归属和 { $cards } 份成绩单。存储的内容完全一致，精确到百万分之一。
UI_REPLAY_CYCLE_DIFFERENT = 已重新推导 { $credits } 条归属和 { $cards } 份成绩单。有 { $differing } 处与存储的内容不同。
UI_REPLAY_PAY_SAME = 已重新推导 { $statements } 份结算单。存储的内容完全一致，精确到分。
UI_REPLAY_PAY_DIFFERENT = 已重新推导 { $statements } 份结算单。有 { $differing } 处与存储的内容不同。
UI_REPLAY_DIGESTS = 摘要
UI_REPLAY_DIGEST = 输入和结果
UI_REPLAY_DIGEST_CREDITS = 归属
UI_REPLAY_DIGEST_INPUTS = 输入
UI_REPLAY_THEN = 当时
UI_REPLAY_NOW = 现在
UI_REPLAY_FIRST = 这里列出前 { $count } 处。
UI_REPLAY_RENAMED = 结果一致但摘要不同：有内容现在用了别的名称（例如某人的资料已被删除），或时区数据库的版本不同。
UI_REPLAY_WHERE = 位置
UI_REPLAY_STORED = 存储的
UI_REPLAY_DERIVED = 推导的
UI_REPLAY_WHY = 有何不同
UI_REPLAY_OF_CREDIT = { $account } 上 { $record } 的归属
UI_REPLAY_OF_ACCOUNT = 账号 { $account }
UI_REPLAY_OF_SUM = { $person } 的合计
UI_REPLAY_OF_CARD = { $person } 的成绩单
UI_REPLAY_OF_CYCLE = 周期
UI_REPLAY_OF_STATEMENT = { $person } 的结算单
UI_REPLAY_OF_SETTLEMENT = 结算
UI_REPLAY_MASKED = 存储的和推导的内容只显示给可以查看成绩单和薪酬的人。
UI_REPLAY_BROKE = 没能进行到底。
UI_AUDIT_BY_PERSON = 关于某人
UI_AUDIT_BY_ACCOUNT = 某账户所为
UI_AUDIT_BY_THING = 关于某事物
UI_AUDIT_PERSON = 工号或人员标识
UI_AUDIT_THING = 对象
UI_AUDIT_ID = 对象标识
UI_AUDIT_FROM = 起始日
UI_AUDIT_TO = 截止日（含）
UI_AUDIT_FOUND = 日志记载
UI_AUDIT_ASK = 请按人员、账户或事物查询：五个服务的日志合并为一个列表，最新的在前。
UI_AUDIT_NOTHING = 在您可查阅的范围内，这些日子里没有相关记载。
UI_AUDIT_NO_DAY = “{ $text }”不是日期：请写成 2026-03-31 的形式
UI_AUDIT_NOBODY = 在您可查阅的范围内，没有工号为“{ $text }”的人员
UI_AUDIT_NO_ACCOUNT = 您可读取名称的账户中没有“{ $text }”：请填写其标识
UI_AUDIT_SILENT = 以上服务未应答，缺少其记载。请重试。
UI_AUDIT_NEWEST = 回到最新
UI_AUDIT_OLDER = 更早的记载
UI_AUDIT_WHEN = 时间
UI_AUDIT_WHO = 何人
UI_AUDIT_WHAT = 所做之事
UI_AUDIT_LOG_OF = 所属日志
UI_AUDIT_NOTES = 备注
UI_AUDIT_ACTION = 动作代码
UI_AUDIT_METHOD = 接口
UI_AUDIT_POSITION = 链中位置
UI_AUDIT_SERVICE = { $name }服务
UI_AUDIT_NOBODY_SIGNED_IN = 未登录者
UI_AUDIT_EXPORTS_SAID = 从整体到单条记录：周期的成绩单、每次结算的明细、每张结算单及其服务记录。每个列表都可按所见下载。
UI_AUDIT_NO_MONTHS = 尚无已发布的考核周期。
UI_AUDIT_A_CORRECTION = 更正
UI_AUDIT_CARDS = 考核周期与成绩单
UI_AUDIT_LOG_OF_IT = 相关日志
WORD_SERVICE_IDENTITY = 身份
WORD_SERVICE_ATTENDANCE = 考勤
WORD_SERVICE_PERFORMANCE = 绩效
WORD_SERVICE_COMPENSATION = 薪酬
WORD_SERVICE_TALENT = 人才
WORD_THING_ACCOUNT = 客服账号
WORD_THING_ALIAS = 别名
WORD_THING_API_KEY = API 密钥
WORD_THING_ATTRIBUTION_RUN = 归属运行
WORD_THING_BREAK_GLASS = 紧急访问
WORD_THING_CARD = 成绩单
WORD_THING_CATALOGUE = 目录
WORD_THING_CLAIM = 认领
WORD_THING_CORRECTION = 更正
WORD_THING_CYCLE = 考核周期
WORD_THING_DATA_KEY = 数据密钥
WORD_THING_DELEGATION = 授权委托
WORD_THING_DEVICE = 设备
WORD_THING_ERASURE = 删除请求
WORD_THING_EVENT = 事件
WORD_THING_FINDING = 发现
WORD_THING_GRANT = 授权
WORD_THING_HANDOVER = 交接
WORD_THING_HOLD = 法律保留
WORD_THING_MEASURE = 指标
WORD_THING_OBSERVATION = 观测
WORD_THING_ORG_UNIT = 组织单元
WORD_THING_PAY_CORRECTION = 薪酬更正
WORD_THING_PERSON = 人员
WORD_THING_POOL = 奖金池
WORD_THING_PRINCIPAL = 系统账户
WORD_THING_PUNCH = 打卡
WORD_THING_RATE = 汇率
WORD_THING_RECORD = 服务记录
WORD_THING_REGION = 区域
WORD_THING_REPLIES = 回复
WORD_THING_RETENTION = 保留期限
WORD_THING_ROLE = 角色
WORD_THING_ROSTER = 排班
WORD_THING_ROW = 列表行
WORD_THING_SCHEDULE = 日程
WORD_THING_SCHEDULE_RUN = 日程运行
WORD_THING_SCHEME = 考核方案
WORD_THING_SESSION = 会话
WORD_THING_SETTLEMENT = 结算
WORD_THING_SITE = 地点
WORD_THING_SSO_PROVIDER = 登录提供方
WORD_THING_STATEMENT = 结算单
WORD_THING_SUBJECT = 事物的日志
WORD_THING_TABLE = 数据表
WORD_THING_TENANT = 集团
WORD_THING_TRANSFER = 跨区传输
WORD_DID_ATTENDANCE_ACCOUNT_READ = 查看客服账号
WORD_DID_ATTENDANCE_ACCOUNT_WRITE = 写入客服账号
WORD_DID_ATTENDANCE_ALIAS_READ = 查看别名
WORD_DID_ATTENDANCE_ALIAS_WRITE = 写入别名
WORD_DID_ATTENDANCE_CORRECTION_APPROVE = 批准更正
WORD_DID_ATTENDANCE_CORRECTION_MAKE = 作出更正
WORD_DID_ATTENDANCE_CORRECTION_READ = 查看更正
WORD_DID_ATTENDANCE_CORRECTION_REJECT = 驳回更正
WORD_DID_ATTENDANCE_CORRECTION_REQUEST = 申请更正
WORD_DID_ATTENDANCE_CORRECTION_WITHDRAW = 撤回更正
WORD_DID_ATTENDANCE_DEVICE_READ = 查看设备
WORD_DID_ATTENDANCE_DEVICE_WRITE = 写入设备
WORD_DID_ATTENDANCE_HANDOVER_IMPORT = 导入交接
WORD_DID_ATTENDANCE_HANDOVER_READ = 查看交接
WORD_DID_ATTENDANCE_HANDOVER_RECORD = 交接账号
WORD_DID_ATTENDANCE_OCCUPANCY_READ = 查看账号占用
WORD_DID_ATTENDANCE_PUNCH_IMPORT = 导入打卡
WORD_DID_ATTENDANCE_PUNCH_READ = 查看打卡
WORD_DID_ATTENDANCE_PUNCH_RECORD = 打卡
WORD_DID_ATTENDANCE_ROSTER_READ = 查看排班
WORD_DID_ATTENDANCE_ROSTER_WRITE = 写入排班
WORD_DID_ATTENDANCE_SITE_WRITE = 写入地点
WORD_DID_COMPENSATION_CORRECTION_APPROVE = 批准薪酬更正
WORD_DID_COMPENSATION_CORRECTION_DRAFT = 起草薪酬更正
WORD_DID_COMPENSATION_CORRECTION_WITHDRAW = 撤回薪酬更正
WORD_DID_COMPENSATION_POOL_CREATE = 建立奖金池
WORD_DID_COMPENSATION_POOL_READ = 查看奖金池
WORD_DID_COMPENSATION_SETTLEMENT_APPROVE = 批准结算
WORD_DID_COMPENSATION_SETTLEMENT_DISCARD = 作废结算
WORD_DID_COMPENSATION_SETTLEMENT_DRAFT = 起草结算
WORD_DID_COMPENSATION_SETTLEMENT_POST = 结算入账
WORD_DID_COMPENSATION_SETTLEMENT_READ = 查看结算
WORD_DID_COMPENSATION_SETTLEMENT_REPLAY = 重放结算
WORD_DID_COMPENSATION_STATEMENT_READ = 查看结算单
WORD_DID_COMPENSATION_STATEMENT_READ_PAY = 查看薪酬
WORD_DID_IDENTITY_API_KEY_CREATE = 创建 API 密钥
WORD_DID_IDENTITY_API_KEY_EXCHANGE = 使用 API 密钥登录
WORD_DID_IDENTITY_API_KEY_REVOKE = 吊销 API 密钥
WORD_DID_IDENTITY_BREAK_GLASS_END = 结束紧急访问
WORD_DID_IDENTITY_BREAK_GLASS_OPEN = 启用紧急访问
WORD_DID_IDENTITY_BREAK_GLASS_REFUSE = 紧急访问被拒
WORD_DID_IDENTITY_BREAK_GLASS_REVIEW = 复核紧急访问
WORD_DID_IDENTITY_CATALOGUE_IMPORT = 导入目录
WORD_DID_IDENTITY_DELEGATION_END = 终止委托
WORD_DID_IDENTITY_DELEGATION_WRITE = 委托权限
WORD_DID_IDENTITY_EMPLOYMENT_END = 终止任职
WORD_DID_IDENTITY_ENTITLEMENT_WRITE = 更改集团模块
WORD_DID_IDENTITY_ERASURE_APPROVE = 批准删除
WORD_DID_IDENTITY_ERASURE_REJECT = 驳回删除
WORD_DID_IDENTITY_ERASURE_REQUEST = 申请删除
WORD_DID_IDENTITY_ERASURE_WITHDRAW = 撤回删除申请
WORD_DID_IDENTITY_GRANT_READ = 查看授权
WORD_DID_IDENTITY_GRANT_REVOKE = 收回角色
WORD_DID_IDENTITY_GRANT_WRITE = 授予角色
WORD_DID_IDENTITY_HOLD_LIFT = 解除法律保留
WORD_DID_IDENTITY_HOLD_SET = 设定法律保留
WORD_DID_IDENTITY_LOGIN_CREATE = 创建登录
WORD_DID_IDENTITY_ORG_CLOSE = 关闭单元
WORD_DID_IDENTITY_ORG_IMPORT = 导入单元
WORD_DID_IDENTITY_ORG_MERGE = 合并单元
WORD_DID_IDENTITY_PASSWORD_CHANGE = 修改密码
WORD_DID_IDENTITY_PASSWORD_RESET = 重置密码
WORD_DID_IDENTITY_PERSON_EXPORT = 导出个人数据
WORD_DID_IDENTITY_PERSON_IMPORT = 导入人员
WORD_DID_IDENTITY_PERSON_READ = 查看人员
WORD_DID_IDENTITY_PERSON_READ_PII = 查看个人身份
WORD_DID_IDENTITY_PERSON_RECTIFY = 更正个人信息
WORD_DID_IDENTITY_RATE_SET = 写入汇率
WORD_DID_IDENTITY_REPORTING_SET = 设定汇报关系
WORD_DID_IDENTITY_REPORTING_END = 终止汇报关系
WORD_DID_IDENTITY_RETENTION_SET = 设定保留期限
WORD_DID_IDENTITY_ROLE_DEFINE = 定义角色
WORD_DID_IDENTITY_ROLE_RETIRE = 停用角色
WORD_DID_IDENTITY_SECOND_FACTOR_BEGIN = 开始设置第二因素
WORD_DID_IDENTITY_SECOND_FACTOR_CONFIRM = 确认第二因素
WORD_DID_IDENTITY_SECOND_FACTOR_REMOVE = 移除第二因素
WORD_DID_IDENTITY_SERVICE_ACCOUNT_CREATE = 创建程序账户
WORD_DID_IDENTITY_SESSION_END = 结束会话
WORD_DID_IDENTITY_SESSION_END_ALL = 结束全部会话
WORD_DID_IDENTITY_SESSION_REFRESH = 续用会话
WORD_DID_IDENTITY_SESSION_SIGN_IN = 登录
WORD_DID_IDENTITY_SSO_PUT = 信任登录提供方
WORD_DID_IDENTITY_SSO_REMOVE = 移除登录提供方
WORD_DID_IDENTITY_TENANT_INIT = 建立集团
WORD_DID_PERFORMANCE_CARD_READ = 查看成绩单
WORD_DID_PERFORMANCE_CLAIM_MAKE = 认领会话
WORD_DID_PERFORMANCE_CLAIM_WITHDRAW = 撤回认领
WORD_DID_PERFORMANCE_CREDIT_READ = 查看归属
WORD_DID_PERFORMANCE_CREDIT_EXPORT = 导出归属
WORD_DID_PERFORMANCE_CYCLE_CANCEL = 停止关闭周期
WORD_DID_PERFORMANCE_CYCLE_CLOSE = 开始关闭周期
WORD_DID_PERFORMANCE_CYCLE_FAIL = 周期关闭失败
WORD_DID_PERFORMANCE_CYCLE_PROGRESS = 周期关闭进行中
WORD_DID_PERFORMANCE_CYCLE_PUBLISH = 发布周期
WORD_DID_PERFORMANCE_CYCLE_READ = 查看周期
WORD_DID_PERFORMANCE_CYCLE_REPLAY = 重放周期
WORD_DID_PERFORMANCE_CYCLE_SCORE = 计算周期成绩
WORD_DID_PERFORMANCE_CYCLE_WRITE = 写入周期
WORD_DID_PERFORMANCE_FINDING_APPLY_FIX = 采用发现的修正
WORD_DID_PERFORMANCE_OBSERVATION_IMPORT = 导入观测
WORD_DID_PERFORMANCE_OBSERVATION_READ = 查看观测
WORD_DID_PERFORMANCE_OBSERVATION_WITHDRAW = 撤回观测
WORD_DID_PERFORMANCE_RECORD_IMPORT = 导入服务记录
WORD_DID_PERFORMANCE_RECORD_MOVE = 移动服务记录
WORD_DID_PERFORMANCE_RECORD_READ = 查看服务记录
WORD_DID_PERFORMANCE_RECORD_WITHDRAW = 撤回服务记录
WORD_DID_PERFORMANCE_REPLY_IMPORT = 导入回复
WORD_DID_PERFORMANCE_RUN_ATTRIBUTE = 归属服务记录
WORD_DID_PERFORMANCE_RUN_COLLECT = 收集归属运行所需数据
WORD_DID_PERFORMANCE_RUN_PROGRESS = 归属运行进行中
WORD_DID_PERFORMANCE_CLAIM_IMPORT = 导入认领
WORD_DID_PERFORMANCE_RUN_START = 开始归属运行
WORD_DID_PERFORMANCE_SCHEME_EXPORT = 导出方案
WORD_DID_PERFORMANCE_SCHEME_IMPORT = 导入方案
WORD_DID_PERFORMANCE_SCHEME_WITHDRAW = 撤回方案
WORD_DID_PERFORMANCE_SCHEME_WRITE = 写入方案
WORD_DID_PERFORMANCE_TRANSFER_APPROVE = 批准跨区传输
WORD_DID_PERFORMANCE_TRANSFER_PREPARE = 准备跨区传输
WORD_DID_PERFORMANCE_TRANSFER_RELEASE = 放行跨区传输
WORD_DID_SUITE_AUDIT_SEARCH = 查询日志
WORD_DID_SUITE_AUDIT_VERIFY = 校验日志
WORD_DID_SUITE_PERSON_ERASE = 删除个人数据
WORD_DID_SUITE_PERSON_EXPORT = 导出个人数据
WORD_DID_SUITE_RETENTION_RUN = 清除到期数据
WORD_DID_SUITE_TENANT_EXPORT = 导出集团数据
WORD_DID_TALENT_EVIDENCE_READ = 查看证据
WORD_DID_TALENT_EVIDENCE_RECORD = 记录证据
WORD_DID_TALENT_PROFILE_READ = 查看档案

## Console: platform

NAV_SCHEDULES = 定时结账
NAV_HOLDS = 法律保留
NAV_RETENTION = 保存期限
NAV_ERASURES = 个人信息删除
UI_HOLD_ON = 保留对象
UI_HOLD_BY = 设定人
UI_HOLD_STANDS = 生效中
UI_HOLD_LIFTED = { $at } 解除：{ $reason }
UI_NO_HOLDS = 目前没有法律保留。
UI_NEW_HOLD = 设定法律保留
UI_HOLDS_SAID = 处于法律保留的数据，任何服务都不会删除，到期也不会清除。
UI_HOLD_ALL_HINT = 留空表示整个集团。
UI_LIFT_HOLD = 解除法律保留
UI_LIFT_SAID = { $of } 处于法律保留（{ $reason }）。解除后，到期的数据可能被永久清除。
UI_NAME_NOBODY = 例如案件编号。请勿写姓名：此处的保存时间比个人数据更长。
UI_MONTHS_KEPT = 保存月数
UI_MONTHS_BOUNDS = 可设范围
UI_MONTHS_WITHIN = { $least } 至 { $most }；默认 { $usual }
UI_COUNTED_FROM = 起算时间
UI_WHY_KEPT = 保存原因
UI_RETENTION_SAID = 各服务对每类数据的保存时间。到期的数据由运维定期运行的清理任务清除。
UI_RETENTION_SHORTER = 如果缩短月数，下次清理会永久清除届时到期的数据。
UI_NUMBER_WANTED = 请填写整数。
UI_ERASURE_WAITS = 待批准
UI_ERASURE_UNDER_WAY = 进行中
UI_ERASURE_COMPLETED = 已全部删除
UI_ERASURE_DROPPED = 已撤销
UI_WHY_DROPPED = 撤销原因
UI_NO_ERASURES = 还没有删除请求。
UI_NEW_ERASURE = 申请删除
UI_ERASURES_SAID = 已离职者的个人信息，须一人申请、另一人批准后才删除。他人薪酬所依据的结果保留，但不再含其姓名。
UI_APPROVE_ERASURE = 批准并删除
UI_APPROVE_ERASURE_SAID = 将在所有服务中删除 { $name } 的个人信息，无法恢复。
UI_REJECT_ERASURE = 驳回
UI_WITHDRAW_ERASURE = 撤回
UI_WHAT_SERVICES_DID = 各服务的处理情况
UI_ROWS_ERASED = 清除的行数
UI_NEXT_CLOSING = 下次结账
UI_LAST_RUN_FAILED = 上次运行失败
UI_RUNS_BY_ITSELF = 自动运行
UI_NO_SCHEDULES = 还没有定时结账。
UI_SCHEDULES_SAID = 到时自动结账的月份。不会自动发布。
UI_CLOSES = 结账时间
UI_CLOSES_ON = 次月 { $day } 日 { $time }（{ $zone }）
UI_LOOKS_FIRST = 先预览
UI_WAITS_MINUTES = { $minutes } 分钟后结账，期间可停止
UI_WAS_DUE = 应于
UI_GOES_ON = 继续时间
UI_STOP_RUN = 停止本次运行
UI_BEGIN_MONTH = 手工开始一个月
UI_BEGIN_SAID = 用于已结束而未开始的月份，或运行失败、已停止的月份。
UI_MONTH = 月份
UI_MONTH_HINT = 例如 2026-03。
UI_SCHEDULE_RUNS = 运行记录
UI_NO_RUN_YET = 还没有运行过。
WORD_SCHEDULE_RUN_STATE_LOOKING = 正在预览
WORD_SCHEDULE_RUN_STATE_WAITING = 等待结账
WORD_SCHEDULE_RUN_STATE_CLOSING = 正在结账
WORD_SCHEDULE_RUN_STATE_DONE = 已结账
WORD_SCHEDULE_RUN_STATE_FAILED = 失败
WORD_SCHEDULE_RUN_STATE_STOPPED = 已停止
DONE_HOLD_SET = 已设定法律保留。
DONE_HOLD_LIFTED = 已解除法律保留。
DONE_RETENTION_SET = 保存期限已更新。
DONE_ERASURE_ASKED = 已申请，等待他人批准。
DONE_ERASURE_APPROVED = 已批准，各服务正在删除。
DONE_ERASURE_REJECTED = 已驳回。
DONE_ERASURE_WITHDRAWN = 已撤回。
DONE_SCHEDULE_RUN_STOPPED = 已停止本次运行。
DONE_SCHEDULE_RUN_BEGUN = 已开始该月。

## Files of a bundle: what each is, and its columns (also heads that are read)

SHEET_PEOPLE = 谁在哪个部门工作、自何时起
SHEET_ACCOUNTS = 平台客服账号及其使用方式
SHEET_RECORDS = 当月的服务记录
SHEET_REPLIES = 记录中哪一方何时发言；不含内容
SHEET_CLAIMS = 谁点击认领了哪次会话
SHEET_ROSTERS = 谁被排在哪个账号
SHEET_PUNCHES = 谁何时上下班
SHEET_HANDOVERS = 谁接手、交出了账号
SHEET_ALIASES = 昵称背后是谁
SHEET_DEVICES = 工位、浏览器或座席属于谁
SHEET_OBSERVATIONS = 非服务记录的数值：流量、转化、成本、培训
SHEET_RATES = 币种之间的汇率
SHEET_GROUP = 集团的名称、币种、时区、周期与区域
HEAD_EMPLOYEE_NO = 工号
HEAD_PLATFORM = 平台
HEAD_STORE = 店铺
HEAD_ACCOUNT = 客服账号
HEAD_ZONE = 时区
HEAD_NAME = 姓名
HEAD_ORG_UNIT = 部门
HEAD_POSITION = 岗位
HEAD_GRADE = 职级
HEAD_HIRED_ON = 入职日期
HEAD_LEFT_ON = 离职日期
HEAD_EMPLOYMENT_KIND = 用工性质
HEAD_PHASE = 阶段
HEAD_CAPACITY = 接待上限
HEAD_TEAM = 团队
HEAD_PHASE_FROM = 阶段开始
HEAD_EXCLUSIVE = 独占
HEAD_ALIAS = 昵称
HEAD_FROM = 开始日期
HEAD_TO = 结束日期
HEAD_DEVICE = 设备
HEAD_SEAT = 座席
HEAD_EXTERNAL_ID = 会话编号
HEAD_STARTED_AT = 开始时间
HEAD_ENDED_AT = 结束时间
HEAD_AGENT = 客服
HEAD_KIND = 类型
HEAD_FIRST_REPLY_SECONDS = 首次响应(秒)
HEAD_RESOLVED = 是否解决
HEAD_RATING = 满意度
HEAD_AMOUNT = 金额
HEAD_CUSTOMER = 客户
HEAD_REVISION = 修订号
HEAD_CURRENCY = 币种
HEAD_REFERS_TO = 原记录编号
HEAD_REVISED_AT = 修改时间
HEAD_CONTRIBUTORS = 协作者
HEAD_AT = 时间
HEAD_BY = 发送方
HEAD_START = 班次开始
HEAD_END = 班次结束
HEAD_MEASURE = 指标
HEAD_SUBJECT_KIND = 对象类型
HEAD_SUBJECT = 对象
HEAD_VALUE = 数值
HEAD_SOURCE = 来源
HEAD_RUN_BY = 负责部门
HEAD_DATE = 日期
HEAD_RATES_FROM = 原币种
HEAD_RATES_TO = 目标币种
HEAD_RATE = 汇率

## Console: bring your month

NAV_BRING = 导入月度数据
UI_BRING_CHOOSE = 当月的文件
UI_BRING_SEND_SAID = CSV 与 YAML 文件，或将其打包的一个 ZIP，合计不超过 { $megabytes } MB。在您查看读取结果之前，不会向套件写入任何内容；文件保留 { $hours } 小时。
UI_BRING_PERIOD = 当月的日期范围
UI_BRING_PERIOD_SAID = 仅当记录涵盖的天数多于要导入的天数时填写。不填则为包含全部记录的那个自然月。
UI_BRING_SEND = 读取文件
UI_BRING_ENOUGH = 已有三次上传在等待：请先导入或丢弃其中一次。
UI_BRING_UPLOADS = 上传
UI_BRING_UPLOAD = 上传内容
UI_BRING_NO_UPLOADS = 尚未上传任何文件。
UI_BRING_AT = 上传时间
UI_BRING_FILES = 文件
UI_BRING_FILE = 文件
UI_BRING_WHAT = 内容
UI_BRING_SHEETS = 月度数据由哪些文件组成
UI_BRING_SHEETS_SAID = 每个模板都使用您所用语言的表头，并附几行填写示例，使用前请删去。平台导出文件只要表头可识别，即可直接读取。带 * 的列必须有，其余均可缺省。
UI_BRING_NEEDED = 必需
UI_BRING_FORM = 模板
UI_BRING_WAITS = 已读取
UI_BRING_RUNS = 导入中
UI_BRING_STOPPED = 已停止
UI_BRING_DONE = 已导入
UI_BRING_READING = 正在读取文件
UI_BRING_ROWS = 行数
UI_BRING_READ = 读取
UI_BRING_WRITTEN = 新增
UI_BRING_REVISED = 替换
UI_BRING_UNCHANGED = 已存在
UI_BRING_REFUSED = 套件未接受
UI_BRING_REJECTED = 拒收的行
UI_BRING_LEFT_OUT = 合并或略去
UI_BRING_COLUMNS = 列的对应
UI_BRING_COLUMNS_SAID = 文件中每一列被识别为什么。未读取的列没有影响；记录文件中不属于标准列的一列，作为单独的度量读取。
UI_BRING_NO_COLUMNS = 没有读到任何列。
UI_BRING_HEAD = 文件中的表头
UI_BRING_TAKEN_FOR = 识别为
UI_BRING_NAME = 在 Tally 中的名称
UI_BRING_MEASURE = 度量
UI_BRING_NOT_READ = 未读取
UI_BRING_FINDINGS = 发现
UI_BRING_FINDINGS_SAID = 转换、合并过的内容以及值得了解的事项，均不妨碍导入。
UI_BRING_NO_FINDINGS = 没有需要说明的事项。
UI_BRING_SUBJECT = 涉及
UI_BRING_SAID = 发现的内容
UI_BRING_COUNT = 数量
UI_BRING_REJECTED_SAID = 这些行无法读取，不会导入；其余各行照常导入。请在文件中改正后重新上传：已导入的行视为已存在。
UI_BRING_NO_REJECTED = 所有行均已读取。
UI_BRING_LINE = 行号
UI_BRING_COLUMN = 列
UI_BRING_REASON = 原因
UI_BRING_CURE = 如何改正
UI_BRING_CODE = 代码
UI_BRING_ROW = 行
UI_BRING_REFUSED_SAID = 这些行已读取，但套件未接受；其余各行均已导入。请在文件或套件中改正后再次导入。
UI_BRING_NO_REFUSED = 套件接受了所有行。
UI_BRING_LISTS = 查看明细
UI_BRING_CENSUS = 套件中的数据
UI_BRING_BEFORE = 导入前
UI_BRING_AFTER = 现在
UI_BRING_IMPORT_HEAD = 导入
UI_BRING_IMPORT_SAID = 已存在的行视为已导入，不会重复写入。套件中已有而内容不同的数据不会被覆盖，这些行会在导入后列出。
UI_BRING_IMPORT = 导入本月
UI_BRING_GO_ON = 继续
UI_BRING_GO_ON_SAID = 已导入 { $rows } 行。继续时从停止处开始：已导入的行视为已存在。
UI_BRING_BROKE_OFF = 执行导入的程序已退出，导入中断。
UI_BRING_STOP = 停止导入
UI_BRING_DISCARD = 丢弃本次上传
UI_BRING_DAMAGED = 按现状写入这些行
UI_BRING_MADE_GROUP = 文件中没有 group.yaml：名称、币种、时区与区域采用本集团的设置。
UI_BRING_OTHERS = 以下不是月度数据文件，未读取：{ $names }
UI_BRING_NEXT = 接下来
UI_BRING_NEXT_CYCLE = 新建考核周期
UI_BRING_NEXT_RUN = 归属运行
UI_BRING_NEXT_PEOPLE = 人员
DONE_UPLOAD_DISCARDED = 已丢弃该上传。
BRING_TOO_MANY = 您已有 { $count } 次上传在等待：请先导入或丢弃其中一次
BRING_FULL = 目前没有空间存放更多上传：请稍后再试，或联系 Tally 的运维人员
BRING_NO_PLACE = 上传目录无法使用（{ $error }）：请联系 Tally 的运维人员
BRING_NOTHING = 没有收到文件：请选择当月的 CSV 与 YAML 文件，或将其打包的一个 ZIP
    .others = 以下都不是月度数据文件：{ $names }。月度数据由 people.csv、accounts.csv、records.csv 等同名文件组成
BRING_TOO_LARGE = 文件（压缩或解压后）超过 { $megabytes } MB：请减少每次上传的天数，或使用 tally import
BRING_TWICE = { $name } 出现两次：请只上传一份
BRING_WORKBOOK = { $name } 是工作簿：请将其中每张表另存为 CSV（UTF-8）后上传
BRING_ARCHIVE_MANY = 该 ZIP 含 { $count } 个文件：请只打包一个月的文件
BRING_ARCHIVE_LEADS_OUT = ZIP 中的 { $name } 指向其文件夹之外：请重新打包，不要包含链接
BRING_ARCHIVE_LOCKED = 该 ZIP 设有密码：请重新打包，不设密码
BRING_ARCHIVE_UNKNOWN = 该 ZIP 的压缩方式无法读取：请重新打包为普通 ZIP
BRING_ARCHIVE_DAMAGED = 该 ZIP 已损坏或并非 ZIP：请重新打包
BRING_PERIOD = 起止日期须同时填写，且开始不晚于结束
BRING_SESSION_ENDED = 您的登录已过期：请重新登录后继续。
BRING_DAMAGED = 数值在写入文件时已丢失：请确认按现状写入，或上传数值完整的文件
BRING_STILL_RUNS = 导入仍在进行：请先停止

## Console: invitations and forgotten passwords

UI_INVITE = 邀请
UI_INVITATION = 邀请链接
UI_JOIN = 设置密码
UI_JOIN_HEAD = 欢迎使用 Tally
UI_JOIN_SAID = 请设置您自己的密码。您收到的一次性密码只能使用一次。
UI_FORGOTTEN = 忘记密码？
UI_FORGOTTEN_SAID = 系统会通知本集团的登录管理员，由其交给您新的登录方式。如果您使用公司账户登录，请联系公司账户的管理员。
UI_ASK_FOR_PASSWORD = 申请新密码
UI_COPY = 复制
UI_RESET_ASKED = 申请新密码
UI_INVITED = 已邀请
UI_INVITATION_OVER = 邀请已过期
UI_RESETS_ASKED = 有 { $count } 个登录名申请新密码：打开即可生成，请确认是本人后再交付。
DONE_PASSWORD_ASKED_FOR = 如果该登录名存在，已通知登录管理员。

## Console: the platform's overview, group, transfers, what is kept, sessions

NAV_OVERVIEW = 概览
NAV_GROUP = 集团
NAV_KEPT = 个人数据留存
NAV_TRANSFERS = 跨区域传输
UI_NOTHING_WAITS = 没有等待您处理的事项。
UI_WAITING_RESETS = 申请新密码
UI_WAITING_ERASURES = 等待他人批准
UI_WAITING_TRANSFERS = 等待他人批准
UI_WAITING_SCHEDULES = 上次运行失败
UI_WAITING_HOLDS = 生效中
UI_GROUP_IN_USE = 使用中
UI_GROUP_SUSPENDED = 已停用
UI_REGIONS = 区域
UI_REGION_HINT = 例如 cn-north；须有一套部署为其服务。
UI_ADD_REGION = 添加区域
UI_ADD_REGION_SAID = 从现在起集团数据可以存放的区域。区域添加后不可移除。
UI_MODULES = 套件模块
UI_MODULES_SAID = 集团未启用的模块对所有人拒绝访问；其数据保留。
UI_SUSPEND_GROUP = 停用集团
UI_SUSPEND_SAID = 恢复之前，集团内任何人都不能读写；数据保留，并可导出带走。
UI_RESUME_GROUP = 恢复集团
UI_RESUME_SAID = 所有人恢复到停用前的状态。
UI_KEPT_GET = 下载留存数据
UI_KEPT_SAID = 一个 JSON 文件，包含各服务留存的、您有权读取的关于此人的每一行。各服务都会记录是谁读取的。
UI_NO_TRANSFERS = 尚无数据离开本区域。
UI_TRANSFERS_SAID = 只有至少五人的汇总或假名可以离开区域，且须经他人批准。用途与法律依据留在本区域。
UI_NEW_TRANSFER = 准备传输
UI_PREPARE_TRANSFER = 准备
UI_TRANSFER_CYCLE_HINT = 用于报告：恰好一个月的已发布考核周期。
UI_TRANSFER_WAY = 起止区域
UI_TRANSFER_ITEMS = 汇总单元或假名数
UI_FROM_REGION = 来源区域
UI_TO_REGION = 目标区域
UI_LEGAL_BASIS = 法律依据
UI_RELEASE_TRANSFER = 下载文件
UI_TAKE_TRANSFER = 接收文件
UI_TRANSFER_FILE = 文件内容
UI_TRANSFER_FILE_HINT = 对方区域给出的完整两行。
UI_RELEASED = 已放行
UI_RETENTION_RUN = 清除到期数据
UI_RETENTION_RUN_SAID = 各服务中超过保留期限且不受法律保留约束的数据将立即永久清除。
UI_RETENTION_RAN = 清除结果
UI_NOTHING_WAS_OVER = 没有到期的数据。
UI_TABLE = 数据表
UI_OLDER_THAN = 早于
UI_ROWS_REMOVED = 清除行数
UI_SESSIONS_OF = { $name } 的会话
UI_SESSIONS_SAID = 此人登录的位置，以及程序的密钥。结束后，控制台与命令行立即失效。
UI_SESSION_CLIENT = 位置
UI_SESSION_METHOD = 方式
UI_SESSION_BEGAN = 开始于
UI_END_SESSIONS = 结束全部会话
UI_END_SESSIONS_SAID = 已登录者须重新登录，程序的密钥也将失效。
UI_NO_SESSIONS = 没有登录中的会话。
WORD_SESSION_PASSWORD = 密码
WORD_SESSION_OIDC = 单点登录
WORD_SESSION_API_KEY = 程序密钥
WORD_KEPT_ATTENDANCE_ALIASES = 昵称
WORD_KEPT_ATTENDANCE_DUTY = 排班、打卡与交接
WORD_KEPT_COMPENSATION_PAY = 奖金
WORD_KEPT_IDENTITY_PERSON = 离职人员
WORD_KEPT_IDENTITY_SESSIONS = 会话
WORD_KEPT_PERFORMANCE_RECORDS = 服务记录
WORD_KEPT_PERFORMANCE_RESULTS = 归属、评分卡与考核周期
WORD_KEPT_SUITE_REQUESTS = 重复请求的应答
WORD_KEPT_TALENT_EVIDENCE = 人才证据
WORD_TRANSFER_KIND_UNSPECIFIED = 传输
WORD_TRANSFER_KIND_REPORT = 月度报告
WORD_TRANSFER_KIND_DIRECTORY = 假名目录
WORD_TRANSFER_STAGE_UNSPECIFIED = 未知
WORD_TRANSFER_STAGE_PREPARED = 等待批准
WORD_TRANSFER_STAGE_APPROVED = 已批准
WORD_TRANSFER_STAGE_RELEASED = 已放行
WORD_TRANSFER_STAGE_WITHDRAWN = 已撤回
WORD_TRANSFER_STAGE_REJECTED = 已拒绝
DONE_MODULES_SET = 模块已设置。
DONE_REGION_ADDED = 区域已添加。
DONE_GROUP_SUSPENDED = 集团已停用。
DONE_GROUP_RESUMED = 集团已恢复使用。
DONE_TRANSFER_PREPARED = 传输等待批准。
DONE_TRANSFER_DONE = 已完成。
DONE_TRANSFER_TAKEN = 文件已接收。
UI_TRANSFER_DROPPED = 已撤回或拒绝
DONE_LOGIN_SESSIONS_ENDED = 已结束该登录名的全部会话。
UI_NEW_SCHEDULE = 新建定时结账
UI_CHANGE_SCHEDULE = 修改定时结账
UI_DELETE_SCHEDULE = 终止定时结账
UI_DELETE_SCHEDULE_SAID = “{ $name }”不再自动结账。等待中的运行会停止；已结账的保留。
UI_SCHEDULE_RIGHT = 今后将以您的权限自动结账。若您失去该权限，定时结账会停止，直到另一位有权限的人保存此表单。
UI_SCHEDULE_NAME = 定时结账名称
UI_SCHEDULE_NAME_HINT = 考核周期以此名称加月份命名。
UI_SCHEDULE_DAY = 次月几日
UI_SCHEDULE_DAY_HINT = 1 至 31；当月不足时为最后一天。
UI_SCHEDULE_TIME = 时刻
UI_DRY_FIRST = 先预览哪些人在内、缺少什么，再等待
UI_DELAY_MINUTES = 结账前等待的分钟数
UI_DELAY_MINUTES_HINT = 最多 10,080（一周）。在此之前可以停止。
UI_RUN_FROM_ABOVE = 使用上级单元的归因结果
UI_RUN_FROM_ABOVE_HINT = 适用于与其他单元共用账号或人员的单元：其月份会等待上级的归因。
UI_SCHEME_NEWEST = { $name }，始终用最新版本
UI_SCHEME_UNREAD = 现用方案（您无权查看）
DONE_SCHEDULE_MADE = 已建立定时结账。
DONE_SCHEDULE_CHANGED = 已修改定时结账。
DONE_SCHEDULE_DELETED = 已终止定时结账。
UI_GROUP_NAME = 集团名称
