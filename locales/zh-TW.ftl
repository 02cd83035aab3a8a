### Tally 的繁體中文（臺灣）訊息。識別碼與引數和 en.ftl 相同；一種語言就是一個檔案。


## Parts

LIST_SEPARATOR = ；
REFUSED_BECAUSE = { $kind }（{ $told }）
KIND_INVALID_ARGUMENT = 請求內容有誤，請修改後再試
KIND_NOT_FOUND = 找不到您可以檢視的項目
KIND_ALREADY_EXISTS = 此項目已存在
KIND_ABORTED = 資料剛被他人變更，請重新讀取
KIND_FAILED_PRECONDITION = 目前的狀態不允許此操作
KIND_PERMISSION_DENIED = 您沒有執行此操作的權限
KIND_UNAUTHENTICATED = 請先登入
KIND_RESOURCE_EXHAUSTED = 同時的請求過多，請稍後再試
KIND_UNAVAILABLE = 服務暫時無法使用，請稍後再試
KIND_DEADLINE_EXCEEDED = 處理逾時
KIND_CANCELLED = 呼叫已取消
KIND_UNIMPLEMENTED = 該位址未提供此功能

## Kinds of things

RESOURCE_ACCOUNT = 客服帳號
RESOURCE_ALIAS = 別名
RESOURCE_API_KEY = API 金鑰
RESOURCE_CARD_OF_PERSON = 成績單（人員）
RESOURCE_COMPONENT = 帳號群組
RESOURCE_CORRECTION = 更正
RESOURCE_CYCLE = 考核週期
RESOURCE_DEVICE = 裝置
RESOURCE_DELEGATION = 委派
RESOURCE_EMERGENCY = 緊急授權
RESOURCE_EMPLOYMENT = 任職
RESOURCE_ERASURE = 個人資料刪除申請
RESOURCE_FINDING = 發現事項
RESOURCE_GRANT = 授權
RESOURCE_HANDOVER = 交接
RESOURCE_HOLD = 法律保全
RESOURCE_LEAVE = 請假
RESOURCE_LOGIN = 登入帳號
RESOURCE_ATTRIBUTION_RUN = 歸屬運算
RESOURCE_ORG_UNIT = 組織單位
RESOURCE_PAGE = 頁面
RESOURCE_PERSON = 人員
RESOURCE_POOL = 獎金池
RESOURCE_POSITION = 職位
RESOURCE_PRINCIPAL = 登入主體
RESOURCE_PROFILE_OF_PERSON = 人才檔案（人員）
RESOURCE_PROVIDER = 單一登入提供者
RESOURCE_PUNCH = 打卡
RESOURCE_RECORD = 紀錄
RESOURCE_MEASURE = 指標值
RESOURCE_CLAIM = 認領
RESOURCE_OBSERVATION = 觀測值
RESOURCE_REPORTING_LINE = 呈報關係
RESOURCE_SCHEDULE = 定期結帳排程
RESOURCE_ROLE = 角色
RESOURCE_RUN_OF_A_SCHEDULE = 定期結帳的執行
RESOURCE_SCHEME = 考核方案
RESOURCE_SCHEME_VERSION = 考核方案版本
RESOURCE_SERVICE_ACCOUNT = 服務帳戶
RESOURCE_SESSION = 工作階段
RESOURCE_SETTLEMENT = 結算
RESOURCE_SHIFT = 班次
RESOURCE_STATEMENT_OF_PERSON = 結算單（人員）
RESOURCE_TRANSFER = 跨區域傳輸
RESOURCE_UPLOAD = 上傳

## Every service

INTERNAL = 系統發生錯誤；詳情請維運人員查看日誌
INTERNAL_DETAILS = 供排查用的詳細資料：{ $details }
NOT_FOUND = 找不到您可以檢視的{ $resource } { $id }
    .unit_on = 在 { $day }（以該日為準）沒有您可以檢視的組織單位 { $id }：該單位在此之前已裁撤、之後才成立，或從未存在（以 ListOrgUnits 的 as_of 可查詢該日有哪些單位）
    .goes_on = 組織單位 { $id } 在 { $day }（以該日為準）之前已裁撤，所屬人員轉入 { $into }：請改填後者
    .id_number = 找不到您可以檢視、且具有此身分證件號碼的人員
    .removed = { $missing }；若屬於 { $day } 之前，可能已依保存期限刪除
INVALID_REQUEST = 有 { $count } 個欄位不正確；請參閱各欄位的說明
INVALID_FIELD = { $field }：{ $problem }
LIST_EMPTY = 請至少填寫一項
NAME_ONE_OF = 請在 { $fields } 之中填寫一項，且只填一項
CHANGE_MISSING = 請說明要變更什麼
DATE_EXPECTED = 應為日期：YYYY-MM-DD
    .month = 應為月份：YYYY-MM
TEXT_EMPTY = 不可空白
TEXT_TOO_LONG = 最多 { $max } 個字元
ID_MALFORMED = 應為 UUID
DATE_MALFORMED = { $field }：請寫成 YYYY-MM-DD
    .text = 「{ $text }」不是日期：請寫成 YYYY-MM-DD
DATES_BACKWARDS = { $last } 早於 { $first }
INSTANT_INVALID = 應為西元 1 年至 9999 年之間的時間點
TEXT_UNUSABLE = { $field }：1 至 { $max } 個字元
ROWS_TOO_MANY = 每次呼叫最多 { $max } 列，這次有 { $count } 列：請分多次傳送
ROWS_MISSING = 沒有任何資料列：請至少傳送一列
NOTHING_CHANGES = 現況已是如此
    .fix = 此事已更正，而這項發現事項是更正之前的：請重新結帳（CloseCycle；已發布者用 CorrectCycle），或另行執行歸屬運算，再查看其發現事項
PAGE_TOKEN_INVALID = 分頁權杖不屬於此清單：請不帶權杖，從頭開始

## Numbers, money, time

DECIMAL_MALFORMED = 「{ $text }」不是小數（最多六位小數）
SHARE_OUT_OF_RANGE = 份額應為百萬分之 0 至 1000000，不可為 { $ppm }
CURRENCY_UNKNOWN = 「{ $text }」不是現行的 ISO 4217 代碼：請填寫三個大寫字母，例如 CNY
AMOUNT_MALFORMED = 「{ $text }」不是金額：請只寫數字和最多一個小數點，例如 1234.50，不要加千分位或貨幣符號
AMOUNT_TOO_FINE = 「{ $text }」的小數位數超過 { $currency } 的規定：小數點後最多 { $digits } 位
AMOUNT_TOO_LARGE = 金額過大
CURRENCY_MISMATCH = { $one } 與 { $other } 不能相加：請先換算其中一種
    .pool = 獎金池的幣別為 { $pool }，其他金額為 { $other }：一次結算只能使用一種幣別
RATE_MALFORMED = 「{ $text }」不是匯率：請只寫數字和最多一個小數點，例如 7.1234，小數最多 12 位，全部最多 18 位
RATE_NOT_POSITIVE = 匯率必須大於 0：請填寫一單位的前一種貨幣可換多少後一種貨幣
RATE_MISSING = 在 { $day } 沒有 { $from } 兌 { $to } 的匯率：請以 SetRates 寫入當日或更早生效的匯率，然後重試
SPLIT_WITHOUT_PEOPLE = 沒有可分配的人員
SPLIT_WITHOUT_WEIGHT = 所有權重都是零，無從分配
SPLIT_DUPLICATE_ID = 同一識別碼出現兩次
SPLIT_WEIGHTS_TOO_LARGE = 權重過大，無法精確計算：請將所有權重除以同一個數
ZONE_UNKNOWN = 「{ $zone }」不是 IANA 時區：請填寫名稱，例如 Asia/Shanghai
TIME_MALFORMED = 「{ $text }」不是時間：請寫成 2026-03-02T08:00:00+08:00；當地時間則寫成 2026-03-02 08:00:00
TIME_IN_GAP = { $zone } 沒有 { $local } 這個時間：當時時鐘撥快，跳過了這一刻
TIME_OUT_OF_RANGE = 日期超出範圍
PERIOD_BACKWARDS = 期間的結束日 { $to } 早於開始日 { $from }

## Sign-in

TOKEN_MISSING = 請先登入：請求未附上 Bearer 權杖
UNAUTHENTICATED = 請先登入
TOKEN_INVALID = 權杖在此無效：請重新登入
TOKEN_EXPIRED = 權杖已過期：請重新登入
KEY_NOT_KNOWN_YET = 此處尚未取得這個權杖的金鑰：請稍後再試
CLOCKS_DIFFER = 系統內各主機的時鐘不一致：請稍後再試
TOKEN_OF_ANOTHER_REGION = 這個權杖由另一個區域的系統核發：請在此處登入
SESSION_ENDED = 這個工作階段已結束：請重新登入
SIGN_IN_REFUSED = 登入名稱、密碼或驗證碼不正確；連續錯誤五次後須等候，最長 15 分鐘
SECOND_FACTOR_NEEDED = 請輸入驗證器顯示的驗證碼，或一組復原碼
SECOND_FACTOR_WRONG = 驗證碼不正確或已使用過：請等下一組驗證碼，並確認時鐘正確
PASSWORD_MUST_CHANGE = 此密碼只能登入一次：請在 new_password 一併提供新密碼
PASSWORD_WEAK = 太容易被猜中：請用四個互不相關的詞
    .why = 太容易被猜中（{ $why }）：請用四個互不相關的詞
WEAK_BY_KEYBOARD = 鍵盤上相鄰的按鍵最先被猜到
WEAK_BY_REPEATS = 重複的內容不會更難猜
WEAK_BY_FAME = 這是最常用的密碼之一，或與其相近
WEAK_BY_SEQUENCE = abc 或 6543 之類的序列最先被猜到
WEAK_BY_DATE = 年份和日期最先被猜到
WEAK_BY_WORD = 單獨一個詞或姓名最先被猜到
PASSWORD_UNUSABLE = 須為 12 至 256 個字元
LOGIN_MALFORMED = 須為 2 至 100 個字元，可用字母、數字和 . _ - @ +
LOGIN_TAKEN = 此登入名稱已有人使用
PERSON_HAS_LOGIN = 此人已有登入帳號：每人只能有一個
REFRESH_REFUSED = 沒有這個工作階段，或已結束：請重新登入
REFRESH_REUSED = 這個更新權杖已使用過，為安全起見已結束其工作階段：請重新登入
NO_PASSWORD = 此登入主體不使用密碼登入
RESET_ONESELF = 變更自己的密碼須提供舊密碼：請用 ChangePassword
LOGIN_HOLDS_MORE = 該帳號擁有 { $permission }，而您無權授予此權限：請由有權授予的人辦理
SECOND_FACTOR_ALREADY_EXISTS = 已有第二重驗證：請先移除
SECOND_FACTOR_MISSING = 尚未設定第二重驗證：請從 EnrollTotp 開始
API_KEY_REFUSED = 沒有這把金鑰，或已失效：請建立新的金鑰
TOO_MANY_KEYS = 一個帳戶最多有 { $max } 把有效金鑰：請先撤銷一把
KEY_LIFE_UNUSABLE = expires_at：須為未來的時間點，最多 { $days } 天之後
PROVIDER_UNKNOWN = 沒有這個名稱的單一登入提供者
PROVIDER_MALFORMED = 須為 2 至 50 個字元，可用 a-z、0-9 和 -
PROVIDER_NAME_TAKEN = 另一個集團已有這個名稱的提供者：請換一個名稱
ADDRESS_MALFORMED = 須為以 https:// 開頭的位址（本機迴路可用 http://），不含 # 和使用者名稱
SSO_PROVIDER_AWAY = 無法連線至身分提供者，或其回應無法解讀：請稍後再試
SSO_STATE_REFUSED = 這次登入已逾期，或不是在此處開始的：請重新開始
SSO_REFUSED = 未接受身分提供者的憑據：請重新開始
SSO_LOGIN_UNKNOWN = 身分提供者認得您，但這裡沒有您的登入帳號：請向管理員申請
EMPLOYMENT_ENDED = 您今天並未任職：請洽詢維護集團人員資料的同仁
MODULE_NOT_ENTITLED = 集團未開通模組 { $module }：請洽系統維運人員
TENANT_SUSPENDED = 集團已停權：請維運人員恢復使用
REGION_NOT_SERVED = 區域 { $region } 的資料存放在該區域的系統：請將這次呼叫傳送到那裡（本系統服務的區域：{ $served }）
    .file = 此檔案是給區域 { $region } 的：請在那裡匯入
FIELD_NOT_READABLE = { $field }：以此欄位查詢須有權限 { $permission }，而您的授權中沒有
PERMISSION_DENIED = 您沒有執行此操作的權限：請申請授權
    .at_all = 您的授權中沒有 { $permission }
    .here = 您的授權中有 { $permission }，但不包含此處
    .group = 您的授權中有 { $permission }，但僅限部分單位，而未指明單位即屬於整個集團：此呼叫若可指明單位，請填寫您的單位，否則請申請整個集團的授權
    .signed_in = 此操作僅供已登入者使用
    .other_group = 服務只能查詢所屬集團的檢視
FOUR_EYES_REQUIRED = 此步驟須由他人辦理：曾參與先前步驟的人，包含將權限委派出去或受委派者，都不能辦理這一步

## The group, its units and its people

INITIALISED_ALREADY = 此資料庫已有集團：請登入、改用空的資料庫，或提供邀請
    .invited = 這份邀請已使用過，其集團已存在：請登入該集團，或向維運人員另索邀請
INVITATION_INVALID = 這份邀請不是本系統核發的，或不完整：請向維運人員另索邀請
INVITATION_EXPIRED = 邀請已過期：請向維運人員另索邀請
INVITED_ANOTHER = 這份邀請屬於另一個識別碼的集團
REGION_ALREADY_EXISTS = 集團已有區域 { $region }
REGION_MALFORMED = 區域須為 1 至 32 個字元，可用 a-z、0-9 和 -，例如 cn-north
REGION_UNUSABLE = 1 至 32 個字元，可用 a-z、0-9 和 -，不可重複
REGION_IS_GLOBAL = 須為某個區域，不可為整個集團
REGION_MISSING = 集團有多個區域：請指明分公司所在的區域
    .from = 本系統服務集團的多個區域：請在 from_region 指明檔案要離開的區域
    .switch = 本系統服務集團的多個區域：請以 --from REGION 指明檔案要離開的區域
REGION_UNKNOWN = 集團沒有區域「{ $region }」
REGION_DIFFERS = 該分公司位於 { $region }，而資料不會跨區域移動
REGION_CROSSED = 這些單位位於不同區域，而資料不會跨區域移動
    .person = 該單位位於另一個區域，而資料不會跨區域移動：請在此結束任職，再以該區域的員工編號在那裡錄用此人
    .manager = 該主管屬於另一個區域，那裡的人員不能讀取本區域的資料
SUSPENDED_ALREADY = 集團已經停權
SUSPENDED_TOO_SHORT = 集團停權滿 30 天才能刪除，最早為 { $from }
NOT_SUSPENDED = 集團正在使用中
NAME_DIFFERS = 請一字不差地填寫集團名稱，以確認沒有選錯
TENANT_DELETED = 集團已刪除
MODULE_UNKNOWN = 「{ $name }」不是模組：可用的有 { $known }
PSEUDONYM_ALREADY_EXISTS = 此人已有另一個代號：代號不會變更
PSEUDONYM_TAKEN = 此處已有他人使用這個代號：請查明是誰的
DIRECTORY_OLDER = 此區域較新的名錄已匯入
UNIT_PATH_MALFORMED = 須為以 / 分隔的 1 至 16 個名稱，每個 1 至 200 個字元
UNIT_NAME_MALFORMED = 須為 1 至 200 個字元，不含 /
UNIT_UNKNOWN = 沒有單位「{ $path }」：請先匯入
    .was = 在 { $day } 沒有名為「{ $path }」的單位，該單位已更名、移動或裁撤：請填寫當日的路徑
UNIT_DIFFERS =
    該單位已存在，類型為{ $kind ->
        [legal_entity] 法人
        [branch] 分公司
        [department] 部門
        [team] 團隊
       *[group] 集團
    }
UNIT_KIND_IS_ROOTS = 只有根節點是集團
UNIT_KIND_UNKNOWN = 沒有這種單位類型：請填分公司、法人、部門或團隊；不填則採用慣常的類型
UNIT_BEGINS_LATER = 該單位或其上層單位自 { $day } 起成立：請填寫該日或之後的日期
    .hired_on = 「{ $path }」自 { $day } 起成立，晚於 hired_on
UNIT_CLOSES = 單位 { $unit } 於 { $day } 裁撤：請改選其他單位或日期
    .into = 單位 { $unit } 於 { $day } 裁撤，所屬人員轉入 { $into }：請改選後者或其他日期
UNIT_HAD_NAME = 直到 { $day }，該處有個名為「{ $name }」的單位，現已更名或移動：請填寫目前的路徑（ListOrgUnits）；若要以舊名設立新單位，請指明類型（kind）
ROOT_STAYS = 根節點就是集團：維持不變
ORG_CYCLE = 新的上層單位目前或依計畫位於該單位之下
ORG_TOO_DEEP = 目前或依計畫，組織樹將超過 { $max } 層
UNIT_NAME_TAKEN = 在這些日期，上層單位已有單位「{ $name }」
UNIT_CHANGE_PLANNED = 該單位在 { $day } 已有變更：請填寫該日或之後的日期
UNIT_CHANGE_BACKDATED = { $from } 早於目前的月份：自該日起的資料，包含已結帳、已發放的月份，原上層單位將無法再檢視，而由新的上層單位檢視。請填寫 { $first } 或之後的日期；若確實自該日起即是如此，請註明 backdated
UNIT_HAS_CHILDREN = 屆時「{ $name }」仍在該單位之下：請先移動或裁撤它，或合併該單位
UNIT_HAS_PEOPLE = 屆時該單位仍有 { $count } 筆任職：請在 move_people_to 指明轉往何處
MERGED_INTO_ITSELF = 請列出一個或多個要合併的單位（不可重複），以及另一個保留的單位
PEOPLE_TO_NOWHERE = 人員轉入的單位須為分公司或其下層，且當日不可裁撤
UNIT_HAS_NO_REGION = 人員屬於分公司或其下層，不直接屬於集團
PERSON_DIFFERS = 此員工編號已存在，但 { $field } 不同
EARLIER_ROW_REFUSED = 此員工編號有較早的一列遭拒收，而這一列接續該列：請改正那一列，再一併傳送
PERSON_OUT_OF_REACH = 該單位在今天或自首日以來的某一天，超出您可寫入的範圍：請移除這一列，或由對所有日期皆有權限的人傳送
EMPLOYMENT_OVERLAPS = 此人自 { $day } 起的任職與部分日期重疊：請先結束該任職
NOT_EMPLOYED = 此人在 { $day } 並未任職
MANAGER_NOT_EMPLOYED = 該主管在 { $day } 並未任職：請另選一位
ENDS_ALREADY = 該任職已於 { $day } 結束
    .line = 該呈報關係已於 { $day } 結束
EMPLOYMENT_KIND_UNKNOWN = 「{ $text }」不是僱用類型：請用 full_time（全職）、part_time（部分工時）、fixed_term（定期契約）、intern（實習）、agency（派遣）、outsourced（外包）或 freelance（承攬）
NOT_IN_CATALOGUE = { $field }：集團的目錄在 { $day } 沒有「{ $code }」：請先匯入，或另選一項
EMPLOYMENT_CHANGE_PLANNED = 該任職在 { $day } 已有變更：請填寫該日或之後的日期，或取消該變更
NOTHING_PLANNED = 該任職在 { $day } 沒有可取消的變更
HOME_ENDS = 這是主要任職，須以 EndEmployment 連同其他任職一併結束
START_TOO_LATE = 在新的首日之前，{ $day } 已有其本身或相關的紀錄：請先更正
OUTLASTS_HOME = 主要任職於 { $day } 結束：兼任與請假最遲須同日結束
LEAVE_OVERLAPS = 此人自 { $day } 起的請假與部分日期重疊：請先結束該請假
POST_KIND_MISSING = 須為兼任或借調：主要任職由錄用、調動或再錄用產生
EMPLOYEE_NO_TAKEN = 此員工編號已屬於他人
ID_NUMBER_TAKEN = 此區域已有他人使用這個證件號碼
ID_NUMBER_INVALID = 身分證件號碼須為 1 至 64 個字元，不含控制字元
ID_NUMBER_CHECKSUM = 此居民身分證號碼的末位與其他數字不符：請對照證件
LINE_KIND_MISSING = 須為實線或虛線
REPORTING_CYCLE = 在 { $day }，該主管直接或間接向此人呈報
LINE_CHANGE_PLANNED = 另一條實線自 { $day } 開始：請結束該實線，或將最後一天設在此之前
LINE_THERE_ALREADY = 呈報關係 { $id } 在部分日期已是如此
RATE_OF_ITSELF = 貨幣兌換其本身永遠相等：請填寫另一種貨幣
SUPERSEDED_AND_KNOWN_AT = 請查詢某一時間點已知的匯率，或所有曾記錄的匯率，兩者擇一
KIND_MISSING = 請指明是職位還是職等
RANK_UNUSABLE = 職等須有從 1 起的順位，職位則沒有
ENTRY_CHANGE_PLANNED = 該代碼自 { $day } 起已有項目：請在該日之前結束，或自該日開始

## Access

HOURS_MALFORMED = 時段須為兩個不同的時間，例如 08:00-20:00
SCOPE_MALFORMED = self、reports 和 tenant 不指明對象；unit、subtree 和 legal_entity 指明單位；region 指明區域
REACH_MISSING = 請指明適用範圍
PERMISSION_UNKNOWN = 「{ $text }」不是此版本的權限
ROLE_UNKNOWN = 沒有名為「{ $role }」的角色
    .own = 集團沒有名為「{ $role }」的自訂角色
SCOPE_NOT_FOR_ROLE = { $role } 不能授予範圍 { $scope }
NOT_A_LEGAL_ENTITY = { $unit } 不是法人
NO_PERSON = 這個登入帳號不屬於任何人員：請指明單位或區域
    .punching = 只有員工本人可以打卡與交接帳號：請以屬於人員的登入帳號登入
    .claiming = 只有員工本人可以認領對話：請以屬於人員的登入帳號登入
DUTIES_SEPARATED = 任何人都不得同時擁有 { $a } 和 { $b }：請授予他人
    .role = 任何角色都不得同時包含 { $a } 和 { $b }：請分成兩個角色
    .holder = { $principal } 具有此角色，將同時擁有 { $a } 和 { $b }：請先收回其中一項授權
    .delegated = 任何人都不得同時擁有 { $a } 和 { $b }，一天也不行：請委派給他人
GRANTED_ALREADY = 授權 { $id } 在這些日期已授予此項
GRANT_NOT_HELD = 您自己的授權在該處沒有 { $permission }，因此不能轉授
GRANT_TO_ONESELF = 任何人都不能授予自己所沒有的權限：請洽另一位管理員
    .role = 您具有此角色，但沒有 { $permission }：請洽另一位管理員
REVOKED_ALREADY = 此授權已收回
PRINCIPAL_OR_LOGIN = 請填寫登入主體或登入名稱，擇一即可
LAST_ADMINISTRATOR = 這樣就沒有人能授予角色了：請先將 group_admin 授予他人
ROLE_NAME_MALFORMED = 須為 2 至 64 個字元，可用 a-z、0-9 和 _
ROLE_NAME_RESERVED = 這是內建角色或服務的名稱：請換一個
ROLE_EMPTY = 請至少填寫一項權限和一個範圍
ROLE_FOR_SERVICES = { $permission } 僅供系統內的服務使用
ROLE_IN_USE = 有 { $count } 項授權使用此角色：請先收回
DELEGATION_EMPTY = 請至少填寫一項權限
DELEGATION_TIME = 結束時間須晚於開始時間，且在未來
DELEGATION_TOO_LONG = 最長 90 天：更長的期間請由他人授予角色
DELEGATION_TO_ONESELF = 請指明他人
DELEGATION_ENDED = 此委派已結束
PERMISSION_NOT_DELEGABLE = { $permission } 不可委派
BREAK_GLASS_EMPTY = 請指明要開啟的權限
PERMISSION_NOT_OPENED = 緊急授權不能開啟 { $permission }：管理權限的權限與須分離的職責維持原狀
BREAK_GLASS_SCOPE = 請指明單位、區域或集團，不可為 self 或 reports
BREAK_GLASS_REASON = 請以至少 20 個字元說明發生了什麼事
BREAK_GLASS_TIME = 須為 1 至 60 分鐘
BREAK_GLASS_OPEN = 您的緊急授權 { $id } 尚未結束：請先結束
    .unreviewed = 此緊急授權尚未結束：請先結束，再複核
BREAK_GLASS_ENDED = 此緊急授權已結束
BREAK_GLASS_NO_STREAMS = 緊急授權不提供串流讀取：請逐頁讀取資料列
REVIEWED_ALREADY = 已複核過
ALLOWED_BY_ROLE = 角色 { $role } 在此處給予 { $permission }
ALLOWED_BY_DELEGATION = { $permission } 是委派而來，或在緊急情況下開啟：請查看由誰辦理
REFUSED_HERE = 角色 { $role } 給予 { $permission }，但不包含此處
REFUSED_BY_CONDITION = 角色 { $role } 在此處給予 { $permission }，但須有第二重驗證，或僅限其他時段
REFUSED_TODAY = 角色 { $role } 在此處給予 { $permission }，但今天不適用
REFUSED_WITHOUT_MODULE = 集團沒有 { $permission } 所屬的模組
REFUSED_WITHOUT_GRANT = 沒有授權給予 { $permission }；下列角色含有此權限：{ $roles }

## Privacy

SUBJECT_IN_PART = 對象須同時有類型和識別碼
LEGAL_HOLD = 目前有法律保全：須先解除，請見 ListHolds
HOLD_LIFTED = 此法律保全已解除
RETENTION_KIND_UNKNOWN = 「{ $kind }」不是資料類別：ListRetention 會列出所有類別
RETENTION_OUT_OF_BOUNDS = 此類資料的保存期限為 { $min } 至 { $max } 個月
RETENTION_RUNS = 依法須保存的此人資料保存至 { $day }：請在該日之後再申請
PERSON_ERASED = 此人的個人資料已刪除：不能再寫入任何內容；若再度任職，即為新的人員
STILL_EMPLOYED = 只能刪除已離職者的個人資料：請先結束任職
ERASURE_ALREADY_EXISTS = 此人已有刪除申請 { $id }
OWN_ERASURE = 任何人都不能核准自己的刪除申請：須由他人核准
ERASED_ALREADY = 此刪除申請已核准
ERASURE_DROPPED = 此申請已撤回或駁回：請重新申請刪除
ERASURE_NOT_APPROVED = 尚未有人核准
NOT_A_SERVICE = 只有保存個人資料的服務才能回報刪除情形

## How long data are kept, counted from when and why

KEPT_FROM_ALIASES = 別名或裝置的最後一天
KEPT_BECAUSE_ALIASES = 在薪酬可能有爭議的期間，須能證明哪些紀錄歸屬於誰
KEPT_FROM_DUTY = 打卡或交接的時間、班次的結束時間
KEPT_BECAUSE_DUTY = 工資紀錄及其依據：兩年（《工資支付暫行規定》）
KEPT_FROM_PAY = 結算單寫成之日
KEPT_BECAUSE_PAY = 扣繳個人所得稅的資料：五年；工資紀錄：兩年
KEPT_FROM_PERSON = 最後一次任職結束之日
KEPT_BECAUSE_PERSON = 已終止的勞動契約：兩年（《勞動合同法》）
KEPT_FROM_SESSIONS = 工作階段最遲結束之日
KEPT_BECAUSE_SESSIONS = 網路使用日誌：六個月（《網路安全法》）
KEPT_FROM_RECORDS = 紀錄的開始時間
KEPT_BECAUSE_RECORDS = 薪酬所依據的紀錄，在可能有爭議的期間保存
KEPT_FROM_RESULTS = 結果寫成之日；歸屬則為其紀錄的開始時間
KEPT_BECAUSE_RESULTS = 薪酬所依據的分數：與扣繳個人所得稅的資料相同
KEPT_FROM_REQUESTS = 請求當時
KEPT_BECAUSE_REQUESTS = 重複傳送的請求會得到第一次的回應；此外別無用途
KEPT_FROM_EVIDENCE = 證據寫成之日
KEPT_BECAUSE_EVIDENCE = 人才檔案所彙總的內容；法律並未要求

## The suite

OVERLOADED = 同時的呼叫過多：請稍後再試
RATE_LIMITED = 呼叫過於頻繁：請稍後再試
DEADLINE_EXCEEDED = 呼叫所花的時間超過呼叫端的限制
STALE = 您讀取之後，資料已被他人變更：請重新讀取，再重做您的變更
STORE_BUSY = 他人同時變更了這項資料；請再試一次
STORE_UNAVAILABLE = 目前無法連線至資料庫；請稍後再試
STORE_DAMAGED = 某項服務的資料庫已損毀，重試並無幫助：請維運人員停止該服務，檢查損毀的範圍（SQLite：PRAGMA integrity_check；PostgreSQL：pg_amcheck），並以備份還原資料庫
    .server = { $service } 在 { $at } 的資料庫 { $database } 中的資料已損毀：請停止該服務，檢查損毀的範圍（pg_amcheck），並以您的備份還原資料庫；其內容未做任何變更
STORE_READ_ONLY = 某項服務的資料庫目前只能讀取，未做任何變更：請維運人員恢復其寫入權限（SQLite：該檔案及其資料夾；PostgreSQL：可寫入的伺服器，而不是其備援伺服器），然後重試
    .server = { $service } 的 PostgreSQL（{ $at }）不接受寫入：它是備援伺服器，或已啟用 default_transaction_read_only。請在 { $setting } 填寫可寫入的伺服器
PEER_UNAVAILABLE = 這次呼叫所需的服務無法使用：請稍後再試
PEER_REFUSES_SERVICE = 這次呼叫所需的服務尚未認得本服務：請稍後再試
PEER_ADDRESS_INVALID = { $address } 不是服務的位址：請寫成 http://host:port 或 https://host:port
PEER_CERTIFICATE_UNKNOWN = 伺服器的憑證由此處不信任的機構簽發：請指定該機構的檔案（--ca，或設定中的 client.authority），或確認伺服器是否正確
PEER_CERTIFICATE_FOR_ANOTHER = 伺服器的憑證屬於另一個名稱：請以憑證中所列的名稱呼叫
PEER_CERTIFICATE_OUT_OF_DATE = 伺服器的憑證目前不在有效期內：請維運人員更新憑證；也請確認本機的時鐘正確
PEER_WANTS_CERTIFICATE = 伺服器要求呼叫端出示憑證：請指定您的憑證（--client-cert 與 --client-key，或設定中的 client.certificate 與 client.key）
PEER_REFUSES_CERTIFICATE = 伺服器不接受所出示的憑證：請向其維運人員詢問呼叫端憑證應由哪個機構簽發
    .expired = 向伺服器出示的憑證已過期：請向簽發者取得新憑證並指定它（--client-cert 與 --client-key，或設定中的 client.certificate 與 client.key）
    .revoked = 向伺服器出示的憑證已遭撤銷：請向簽發者取得新憑證並指定它（--client-cert 與 --client-key，或設定中的 client.certificate 與 client.key）
PEER_SPEAKS_PLAINTEXT = 位址以 https:// 開頭，但該伺服器不使用 TLS：請改寫為 http://，或向維運人員詢問正確的連接埠
PEER_SPEAKS_TLS = 位址以 http:// 開頭，但該伺服器使用 TLS：請改寫為 https://
PEER_TLS_FAILED = 無法建立加密連線：{ $why }
CERTIFICATE_KEY_MISMATCH = 憑證與私密金鑰不相符：請指定與此憑證成對的金鑰（呼叫端為 --client-key 或 client.key，伺服器為 server.tls_key）
PEER_CERTIFICATES_UNUSABLE = 用於此伺服器的憑證無法使用：{ $why }。請指定簽發伺服器憑證的機構檔案（--ca，或 client.authority）
PEER_FAILED = 這次呼叫所需的服務拒絕了請求
DEADLINE_MALFORMED = grpc-timeout 須為最多 8 位數字，加上單位 H M S m u n 之一
REQUEST_CUT_OFF = 請求未傳送完畢
REQUEST_UNREADABLE = 無法依此 rpc 的訊息格式讀取請求：請檢查呼叫端與伺服器的介面合約（proto/）是否相同，以及文字是否為 UTF-8
    .envelope = 請求不是 Connect 信封格式的訊息串流：每則訊息之前須有一個旗標位元組（0；訊息經過壓縮時為 1）和四個位元組的長度
    .compressed = 請求無法解壓縮：其壓縮方式與所宣告的（{ $said }）不符
ONE_MESSAGE_WANTED = 此呼叫只接受一則訊息，而請求中有 { $sent } 則
REQUEST_TOO_LARGE = 請求超過 { $max } 位元組：請減少每次傳送的列數
ANSWER_TOO_LARGE = 回應超過 { $max } 位元組：請減少每次查詢的列數（page_size），或縮小查詢範圍
REQUEST_COMPRESSED = 請求經過壓縮：請不壓縮直接傳送（grpc-encoding identity）
    .unknown = 此處無法讀取壓縮方式 { $said }：請以 gzip 壓縮，或不壓縮直接傳送
TEXT_WITH_NUL = 請移除字元 NUL（U+0000）：文字中不可含有此字元
METHOD_UNKNOWN = 此處沒有這個方法：請檢查名稱，以及呼叫端與伺服器是否為同一版本
SERVICE_ELSEWHERE = 此位址的程序不執行服務 { $service }：請向執行該服務的程序呼叫；服務與 tally 命令是依設定中的 peers.{ $service } 找到它
PROBLEM_TITLE =
    { $status ->
        [400] 請求有誤
        [401] 未登入
        [403] 沒有權限
        [404] 找不到
        [405] 不允許此方法
        [409] 衝突
        [412] 期間已遭變更
        [413] 內容過大
        [415] 不支援的媒體類型
        [429] 請求過多
        [431] 標頭過大
        [499] 已取消
        [501] 此處不提供
        [503] 暫時無法使用
        [504] 逾時
       *[other] 內部錯誤
    }
PATH_UNKNOWN = 此處沒有路徑 { $path }：所有路徑請見 /openapi.json
HTTP_METHOD_WRONG = 此路徑不提供 { $method }，可用的是 { $allowed }
MEDIA_TYPE_WRONG = 本文須為 JSON（Content-Type: application/json），收到的是 { $said }
    .rpc = 此呼叫接受 { $taken }（Content-Type），收到的是 { $said }
BODY_TOO_LARGE = 本文超過 { $limit } 位元組：請減少每次傳送的列數
BODY_BROKE_OFF = 請求的本文未傳送完畢
BODY_TOO_SLOW = 請求的本文傳送過慢：請加快傳送，或分成較小的部分
BODY_NOT_READ = 此呼叫不讀取本文：參數寫在路徑和 ? 之後
BODY_NO_OBJECT = 本文須為 JSON 物件
HEADERS_TOO_LARGE = 請求的標頭合計超過 { $limit } 位元組，或超過 { $most } 個：請減少或縮短
BODY_NO_JSON = 本文自第 { $line } 行第 { $column } 欄起不是 JSON
    .early = 本文的 JSON 未寫完即結束
    .deep = 本文的清單與物件超過 127 層
    .twice = 本文的一個物件中，名稱 { $name } 出現了兩次
FIELD_UNREADABLE = 無法讀取：請填寫{ $expected }
    .unknown = 沒有這個欄位
    .twice = 以 { $one } 和 { $other } 填寫了兩次：請移除一個
    .choice = { $fields } 只能擇一填寫
    .encoding = 百分號編碼的內容不是 UTF-8 文字
    .precision = 時刻的秒最多九位小數
    .second = 秒須為 00 至 59
    .digits = 帶小數或指數的數字位數過多：請寫成文字
VALUE_EXPECTED = 相應類型的值
    .yes_or_no = true 或 false
    .whole = { $least } 至 { $most } 的整數
    .number = 數字
    .text = 文字（加引號）
    .bytes = base64 文字
    .instant = 西元 1 至 9999 年的時刻，例如 2026-03-02T09:00:00Z
    .duration = 秒數，例如 600s
    .name = { $names } 之一
    .object = 物件
    .list = 清單
FIELD_SAID_TWICE = 出現兩次且內容不同：請從本文或查詢字串中移除一個
CONNECT_QUERY_WRONG = 須為 v1
    .missing = 缺少
    .base64 = 不是網址所用的 base64
QUERY_UNKNOWN = 不是此呼叫的參數：參數請見 /openapi.json；個人資料請放在本文中
HEADER_NOT_READ = 此呼叫無法讀取標頭 { $header }：請移除
    .several = 標頭 { $header } 只能寫一個實體標籤（加引號）或 *
ANSWER_HAS_NO_FIELD = 回應沒有欄位 { $field }
DOCS_PAGE = Tally 的呼叫
    .lead = 本系統以 HTTP 與 JSON 提供的所有呼叫，與路由出自同一張表。各呼叫的說明為介面合約中的英文原文。
    .how = 書寫慣例
    .machine = 供程式讀取的同一份說明（OpenAPI 3.1）
    .count = { $count } 個呼叫
    .permission = 所需權限
    .session = 須登入，不需要特定權限。
    .nobody = 不須登入。
    .parameters = 參數
    .body = 本文
    .lines = 本文：每行一個此物件
    .answer = 回應
    .stream = 回應：每行一個此物件，或每個事件一個
    .refusals = 可能的拒絕
    .example = 範例
    .required = 必填
    .filled = 由伺服器填寫
    .values = 可用的值
    .shapes = 物件
    .in_path = 在路徑中
    .in_query = 在 ? 之後
    .in_header = 標頭
REQUEST_ID_INVALID = request_id 最多 { $max } 個字元；建議使用 UUID
REQUEST_ID_REUSED = 這個 request_id 屬於先前內容不同的請求：請換一個新的
LEASE_LOST = 另一個工作程序已接手這項工作；本次嘗試的內容均未保留

## For whoever operates the suite

PORT_TAKEN = 無法接聽 { $address }：{ $cause }；請以 --listen 或 TALLY_SERVER_LISTEN 另選位址
HTTP_PORT_TAKEN = 閘道無法接聽 { $address }：{ $cause }；請以 --http 或 TALLY_SERVER_HTTP 另選位址，或從 --services 移除 gateway
DATABASE_URL_INVALID = 資料庫 URL 須以 sqlite:// 或 postgres:// 開頭
    .server = 無法讀取 { $setting }：應為 postgres://ROLE:PASSWORD@HOST:PORT/DATABASE，密碼中的 / ? # @ % 須寫成 %2F %3F %23 %40 %25
    .file = 無法讀取 { $setting }：應為 sqlite://FOLDER/{ "{" }service{ "}" }.db；資料夾以 / 開頭，或名稱不只含一般字母與數字時，應為 sqlite:///FOLDER/{ "{" }service{ "}" }.db
STORE_AWAY = 無法連線至 { $service } 的 PostgreSQL（{ $at }）：{ $why }。請確認它正在該處執行，或更正 { $setting } 中的主機與連接埠
STORE_SIGN_IN_REFUSED = PostgreSQL（{ $at }）拒絕 { $user } 登入：沒有這個角色，或密碼不符。請在 { $setting } 填寫正確的密碼，或以擁有者的 URL 執行 `tally migrate`，它會建立該角色並設定該密碼
    .owner = PostgreSQL（{ $at }）拒絕 { $user } 登入：沒有這個角色，或密碼不符。請更正 { $setting } 中的角色與密碼
    .rule = PostgreSQL（{ $at }）不允許 { $user } 以這種方式從本機進入 { $database }：其 pg_hba.conf 沒有相應的規則。若它要求 TLS，請在 { $setting } 寫上 sslmode=require；否則請其維運人員新增規則
STORE_DATABASE_MISSING = { $at } 沒有資料庫 { $database }：請更正 { $setting } 中的名稱，或請伺服器的擁有者建立（CREATE DATABASE { $database }）
STORE_PARAMETER_REFUSED = PostgreSQL（{ $at }）不接受此連線的參數；它回報：{ $says }。請更正 { $setting } 中 ? 之後的內容；若該處是 PgBouncer，其維運人員可以放行該參數（pgbouncer.ini 的 ignore_startup_parameters）
STORE_TLS_FAILED = 無法與 PostgreSQL（{ $at }）建立加密連線（{ $why }）：請更正 { $setting } 中的 sslmode 與 sslrootcert，或請伺服器的維運人員修正憑證
    .none = { $setting } 要求 TLS（sslmode），但 PostgreSQL（{ $at }）不使用 TLS：請其維運人員啟用（ssl = on）；若網路上沒有其他人，也可移除 sslmode
STORE_RIGHT_MISSING = { $user } 缺少 { $service } 在 { $at } 的資料庫 { $database } 所需的權限：請以擁有者的 URL 執行 `tally migrate`，它會授予這些權限
    .owner = { $user } 無權在 { $at } 的資料庫 { $database } 建立 schema、角色與資料表：請在 { $setting } 使用擁有該資料庫且可建立角色（CREATEROLE）的角色，或超級使用者
DATABASE_ROLE_OF_ANOTHER = { $service } 以 { $user } 登入，但其資料僅供角色 { $login } 使用：請在 { $setting } 將角色寫成 tally_{ "{" }service{ "}" }（postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE）
DATABASE_IN_USE = 資料庫 { $database } 已有 tally 的資料（schema { $schema }），而此處需要空的資料庫：請新建一個（CREATE DATABASE），並以 { $setting } 指定；未做任何變更
STORE_FILE_DAMAGED = 檔案 { $file } 已損毀，或不是 SQLite 資料庫：請以您的備份還原，或以 { $setting } 指定其他位置；檔案內容未做任何變更。損毀的範圍可用 sqlite3 的 PRAGMA integrity_check 查看
STORE_FILE_UNUSABLE = 無法開啟檔案 { $file } 進行讀寫：{ $why }。請讓此程序的使用者有權存取該檔案及其資料夾，或以 { $setting } 指定其他位置
    .read_only = 檔案 { $file } 只能讀取，而資料庫需要寫入：請讓此程序的使用者有權寫入該檔案及其資料夾；若 { $setting } 中有 mode=ro，請移除
STORE_DISK_FULL = { $at } 的磁碟已滿：請騰出空間，然後重試
    .serving = 某項服務的資料庫所在磁碟已滿，未做任何變更：請維運人員騰出空間，然後重試
STORE_DISK_FAILS = { $at } 的磁碟發生錯誤：請查看該主機的日誌，修復或更換磁碟，並在繼續之前確認資料完整
    .serving = 某項服務的資料庫所在磁碟發生錯誤，未做任何變更：請維運人員查看該主機的日誌，然後重試
DATABASE_ROLE_TOO_POWERFUL = { $service } 的資料庫 URL 以 { $user } 登入，它是{ $power }：資料列層級安全性將失去作用。請在 URL 使用角色 { $login }（postgres://tally_{ "{" }service{ "}" }@host/database）；以擁有者的 URL 執行 `tally migrate` 會建立該角色
POWER_SUPERUSER = 超級使用者
POWER_BYPASSRLS = 具有 BYPASSRLS 的角色
POWER_OWNER = 資料表的擁有者
SCHEMA_BEHIND = { $service } 的資料庫結構落後 { $count } 個移轉（下一個是 { $next }）：請以擁有者的 URL 執行 `tally migrate`
SCHEMA_AHEAD = { $service } 的資料庫已由較新版本的 tally 更新（此版本不認得 { $migration }）：請啟動該版本或更新的版本，或還原更新之前的備份
TENANT_NOT_HERE = 此資料庫是 SQLite 檔案，只存放一個集團，而且是另一個集團；多個集團需要 PostgreSQL（TALLY_DATABASE_URL=postgres://...），以資料列層級安全性隔開
STORE_OF_ANOTHER_SERVICE = { $service } 的 SQLite 檔案屬於 { $owner }：請在 URL 寫上 { "{" }service{ "}" }（sqlite://dir/{ "{" }service{ "}" }.db）
SERVICE_NAME_INVALID = 「{ $service }」不能作為服務名稱：最多 32 個字元，可用 a-z 和 _
HEADS_UNREADABLE = 無法讀取已簽章鏈頭的檔案 { $file }：{ $cause }
HEADS_UNWRITABLE = 無法將日誌的已簽章鏈頭寫入 { $file }：{ $cause }。請以 audit.heads_directory 指定此程序的使用者可寫入的資料夾
KEYS_UNUSABLE = 金鑰檔 { $file } 無法使用：{ $cause }。請以您的備份還原，或讓 keys.directory 指向正確的資料夾；已密封的內容無法以其他金鑰開啟
    .missing = 沒有金鑰檔 { $file }：請讓 keys.directory 指向正確的資料夾，或以您的備份還原；已密封的內容無法以其他金鑰開啟
    .closed = 金鑰檔 { $file } 無法使用：{ $cause }。此程序的使用者須能以擁有者身分（模式 0400）或透過其群組（0440，在 Kubernetes 上搭配 fsGroup）讀取
    .unwritable = 無法寫入金鑰檔 { $file }：{ $cause }。請讓此程序的使用者有權寫入其資料夾，或以 keys.directory 指定其他資料夾
    .signing = 金鑰 { $file } 無法使用：{ $cause }。請以您的備份還原，或讓 keys.directory 指向正確的資料夾。若沒有備份，請將它移走：下次啟動會產生新的金鑰，已登入者須重新登入，信任舊金鑰的其他系統需要新的 .pub
    .closed_signing = 金鑰 { $file } 無法使用：{ $cause }。此程序的使用者須能以擁有者身分（模式 0400）或透過其群組（0440，在 Kubernetes 上搭配 fsGroup）讀取
    .public = 公開金鑰 { $file } 無法使用：{ $cause }。請從該金鑰所屬的服務重新複製；若旁邊就有其 .key，可將它刪除，該服務啟動時會重新寫出
    .folder = 金鑰資料夾 { $file } 無法使用：{ $cause }。請讓此程序的使用者有權讀寫該資料夾，或以 keys.directory 指定其他資料夾
    .unwritable_signing = 無法寫入金鑰 { $file }：{ $cause }。請讓此程序的使用者有權寫入其資料夾，或以 keys.directory 指定其他資料夾
    .foreign = 公開金鑰 { $file } 與旁邊的金鑰 { $private } 不相符：其中之一已遭替換。請以您的備份還原兩者；若私密金鑰無誤，請刪除公開金鑰，其服務啟動時會重新寫出
SECRET_OPEN = 本機上的任何人都能使用它；請對它執行 chmod 600
    .group = 其群組 { $gid } 可以使用它，而此程序不在該群組中；請對它執行 chmod 600，或以群組 { $gid } 執行此程序（在 Kubernetes 上為 fsGroup: { $gid }）
    .writable = 其群組可以變更它；請對它執行 chmod g-w
KEY_FILE_MALFORMED = 第一行須以「{ $header }」開頭
    .lock = 第一行未說明它如何受保護
    .line = 每行須為：種類、識別碼、金鑰
    .id = 「{ $id }」不是金鑰的識別碼
    .base64 = 金鑰 { $kind } { $id } 不是 base64
    .length = 金鑰 { $kind } { $id } 須為 32 位元組
    .damaged = 金鑰 { $kind } { $id } 已損毀
    .kind = 「{ $kind }」不是金鑰的種類
    .twice = 金鑰 { $kind } { $id } 出現兩次
    .few = 至少須有 wrap、bind、sign 金鑰各一把
KEY_LINE_MALFORMED = 每行須為 32 位元組的 base64，以及生效或失效的時間
    .none = 其中沒有金鑰
KEYS_OF_ANOTHER_STORE = 此程序的金鑰不是寫入 { $service } 資料時所用的金鑰：請讓 keys.directory 指向正確的資料夾，或以您的備份還原 seal.key；未做任何變更，也未產生新金鑰。金鑰就緒後，可用 `tally audit verify` 確認日誌是否遭竄改
STORE_LOST = { $service } 的資料庫是空的，但 { $file } 顯示其中曾有資料：請以您的備份還原資料庫（SQLite 則還原其檔案），或檢查 { $setting } 是否指向別處；未做任何變更。只有在確定要從頭開始時，才先移走 { $file }
KEYS_PASSPHRASE_MISSING = 金鑰檔 { $file } 受保護：請設定 TALLY_KEYS_PASSPHRASE，或將 TALLY_KEYS_PASSPHRASE_FILE 設為存放通行密語的檔案
KEYS_PASSPHRASE_WRONG = 這組通行密語無法開啟 { $file } 中的任何金鑰：請檢查 TALLY_KEYS_PASSPHRASE（或 TALLY_KEYS_PASSPHRASE_FILE 所指的檔案）；若密語無誤，則檔案已損毀，請以您的備份還原
KEYS_NOT_IN_A_FILE = 這些金鑰只存在於此程序中：沒有可變更的檔案
KEY_ROTATES_ALREADY = { $service } 已有新金鑰，自 { $from } 起用於簽章：請等到那時

## The command line

SERVER_AWAY = { $server } 沒有回應：系統是否在該處執行？請用 --server 指明接聽的位址
CLIENT_FILE_UNREADABLE = 無法讀取 { $file }：{ $why }
CLIENT_FILE_WRONG = { $file } 中沒有 PEM 格式的 { $block }
SIGNED_IN_AS = 以 { $login } 的身分連線至 { $server }，由 `tally login` 登入
LOGIN_GOOD = 登入有效至 { $until }。之後的命令不必再提供權杖與伺服器；其他程式請以 `authorization: Bearer ..` 傳送權杖
LOGIN_NOT_REMEMBERED = 無法將登入資訊儲存於 { $file }（{ $why }）：請以 --token-file 將權杖提供給其他命令
SIGN_IN_OVER = { $login } 的登入已過期：請再執行一次 `tally login { $login }`
SIGN_IN_FIRST = 沒有權杖：請先執行 `tally login NAME`、指定存放權杖的檔案（--token-file），或以管道傳入
FOLDER_UNWRITABLE = 無法建立資料夾 { $path }：{ $cause }。請為此程序的使用者建立它，或在 { $setting } 指定其他資料夾

## Bringing a bundle into a running suite

PERSON_NOT_IN_SUITE = 系統內沒有您可以檢視、員工編號為 { $number } 的人員：請改正 people.csv 中該列遭拒收的原因，再執行匯入
ACCOUNT_NOT_IN_SUITE = 系統內沒有您可以檢視的帳號 { $label }：請改正 accounts.csv 中該列遭拒收的原因，再執行匯入
ROWS_OF_UNIT_REFUSED = 其所屬單位 { $unit } 遭拒收
ROWS_OF_NUMBER_REFUSED = 員工編號 { $number } 在 people.csv 中遭拒收：這一列所指的可能不是系統內的那個人
ROWS_OF_ACCOUNT_REFUSED = 帳號 { $label } 在 accounts.csv 中遭拒收：這一列所指的可能不是系統內的那個帳號
ROWS_OF_RECORD_REFUSED = 紀錄 { $record } 在 records.csv 中遭拒收：其訊息所屬的可能不是系統內的那筆紀錄
NICKNAME_REFUSED = 別名 { $alias } 在 aliases.csv 中遭拒收，而 { $number } 的這筆紀錄可能正是以該別名標示客服
IMPORT_STOPPED = 這次執行已有 { $rows } 列寫入，先前執行所匯入的也都保留：請再次執行相同的命令，已匯入的列會計為「已存在」
    .mend = 這次執行已有 { $rows } 列寫入，先前執行所匯入的也都保留：請改正此處所述的問題，再次執行相同的命令，已匯入的列會計為「已存在」
IMPORT_SERVICE_AWAY = 無法連線至服務 { $service }；沒有任何遺失：這次執行已有 { $rows } 列寫入，先前執行所匯入的也都保留。待服務恢復後，請再次執行相同的命令，已匯入的列會計為「已存在」
IMPORT_DAMAGED = 有些值在匯出途中已遺失，而系統從不覆寫既有內容，因此殘缺的值會永久保留：{ $columns }
IMPORT_DAMAGED_COLUMN = 有 { $count } 列的 { $column } 被試算表軟體截短成前幾位數字（例如 { $example }）
    .failed = 有 { $count } 列的 { $column } 是試算表軟體用來代替數值的顯示內容（例如 { $example }）
IMPORT_DAMAGED_CURE = 未寫入任何內容：請將該欄匯出為文字，並排除出錯的公式，再重新匯入；或在相同的命令加上 --accept-damaged，依現狀寫入這些列
IMPORT_HEADING = 匯入結果，{ $from } 至 { $to }
IMPORT_READ = 讀取
IMPORT_REJECTED = 無法讀取
IMPORT_LEFT_OUT = 合併或略過
IMPORT_WRITTEN = 已寫入
IMPORT_REVISED = 新版本
IMPORT_UNCHANGED = 已存在
IMPORT_REFUSED = 遭拒收
IMPORT_CENSUS = 系統內您可以檢視的資料
IMPORT_BEFORE = 匯入前
IMPORT_AFTER = 匯入後
IMPORT_UNITS = 組織單位
IMPORT_PEOPLE = 人員
IMPORT_ACCOUNTS = 客服帳號
IMPORT_ALIASES = 別名
IMPORT_DEVICES = 裝置
IMPORT_SHIFTS = 本期間的班次
IMPORT_SHIFT_HOURS = 班次時數
IMPORT_PUNCHES = 本期間的打卡
IMPORT_HANDOVERS = 本期間的交接
IMPORT_RECORDS = 這些帳號在本期間的紀錄
IMPORT_RECORD_HOURS = 紀錄時數
IMPORT_AMOUNT = 紀錄的銷售額（最小貨幣單位）
IMPORT_CLAIMS = 這些帳號在本期間的認領
IMPORT_REJECTED_ROWS = { $rows } 列無法讀取；{ $file } 逐列寫明改正方法。
IMPORT_REVISED_ROWS = { $rows } 列有了新版本；先前的版本仍可查閱
IMPORT_REFUSED_ROWS = { $rows } 列未獲系統接受；{ $file } 逐列寫明原因。
IMPORT_NEEDS = 匯入須使用可讀寫單位、人員、出勤與紀錄的登入帳號，例如具有角色 group_hr 的帳號

## Fields of requests

ROW_INVALID = { $problems }
INSTANT_IMPLAUSIBLE = 應為 { $first } 年至 { $last } 年之間的時間點：請檢查年份
VALUE_MISSING = 必須填寫
AT_MOST = 最多為 { $max }
NUMBER_FROM_TO = { $from } 至 { $to }
BEFORE_FROM = 早於 from
THROUGH_OR_NAMED = 是用來查詢所有單位：請將 unit_ids 留空，或不填此項
THROUGH_BEFORE = 是一段日期的最後一天：請在 as_of 填寫第一天，且不可晚於此日
NOT_AFTER_START = 須晚於 start
CUT_OVER_MALFORMED = 請填寫 00:00 至 11:59 之間的 HH:MM

## Attendance

NEVER_EMPLOYED = 您尚無任職紀錄，因此無法判斷這筆資料屬於何處：請洽人資
PUNCH_REPEATED = 您在同一時間已有打卡紀錄
FACT_SUPERSEDED = 更正 { $id } 已改正此紀錄，此紀錄不再有效：請更正目前有效的紀錄
CORRECTION_WAITS = 同一紀錄的更正 { $id } 正待核准：請先核准、駁回或撤回
CORRECTION_NOT_WAITING =
    { $stage ->
        [approved] 此更正已核准
        [rejected] 此更正已駁回：請重新申請
        [withdrawn] 此更正已撤回：請重新申請
       *[other] 此更正已生效
    }
CORRECTION_OUTDATED = 提出申請之後，更正 { $id } 已改正此紀錄：請駁回這項申請，並就目前有效的紀錄重新申請
    .gone = 提出申請之後，此紀錄已不再保存：請駁回這項申請
OWN_CORRECTION = 任何人都不能決定自己紀錄的更正：須由他人決定
CORRECTION_OF_OTHERS = 只有申請人可以撤回更正：請改為駁回
PERIOD_PURGED = { $day } 之前的紀錄已不再保存，無法更正
    .cycle = 始於 { $day } 之前的期間所依據的 { $kind }，可能有部分已依保存期限刪除，因此無法重新計算該考核週期：請在 Tally 之外處理錯誤
    .close = 始於 { $day } 之前的期間所依據的 { $kind }，可能有部分已依保存期限刪除，而缺少的部分會在無提示的情況下漏算：請選擇始於 { $day } 或之後的期間，或先延長 { $kind } 的保存期限（SetRetention），再匯入缺少的部分
    .row = { $day } 之前的紀錄已不再保存，而這一列並不存在：請移除這一列，或先延長 { $kind } 的保存期限（SetRetention）
    .named = { $name } 並不存在，而 { $day } 之前的紀錄已不再保存：請移除，或先延長 { $kind } 的保存期限（SetRetention）
ALREADY_DIFFERENT = { $why }：請先更正該項
FACT_IN_FUTURE = 現在是 { $now }，尚未到 { $at }：打卡或交接只能在發生之後更正；若要預先安排，請發布班次
LATE_CHANGE_UNEXPLAINED = 該班次已開始：請說明現在才變更的原因
CORRECTION_ACTION_EXPECTED = add、void 或 move
ALIAS_DAY_OUTSIDE = 須為該別名指向此人的日期之一
DEVICE_DAY_OUTSIDE = 須為該裝置屬於此人或此座位的日期之一
DEVICE_OWNER_EXPECTED = 裝置屬於人員（person_id）或座位（seat）：請擇一填寫
HANDOVER_REPEATED = 同一時間的這次交接已有紀錄
PERSON_UNKNOWN = 沒有人員 { $id }：請先匯入人員，再匯入其出勤資料
ACCOUNT_UNKNOWN = 沒有帳號 { $id }：請先匯入帳號
    .file = { $account } 不在 accounts.csv 中{ $hint }
PLACE_REGION_UNKNOWN = 集團沒有任何單位位於區域 { $region }
PLACE_UNIT_UNKNOWN = 集團目前沒有單位 { $unit }
PLACE_TEAM_NOT_UNIT = 團隊 { $team } 不是單位 { $unit }：請只保留其中一項
PLACE_REGION_OF_UNIT = 該單位位於區域 { $is }，而非 { $said }：請不要填寫區域
ACCOUNT_CONTRADICTS_ROW = { $key } 與本次呼叫中較早的一列在 { $fields } 不一致：帳號既有的資料不會變更
ACCOUNT_CONTRADICTS_STORED = { $key } 與既有資料在 { $fields } 不一致：帳號既有的資料不會變更，只能加入之後日期的階段
    .team = { $key } 與既有資料在 { $fields } 不一致：該帳號屬於單位 { $unit }，而 { $team } 目前是另一個單位。請填寫其所屬單位目前的路徑，或只填 unit_id
    .closed = { $key } 與既有資料在 { $fields } 不一致：該帳號屬於已裁撤、目前沒有路徑的單位 { $unit }，而 { $team } 是另一個單位。請只填 unit_id，不要填團隊
ACCOUNT_OUT_OF_REACH = { $key } 超出您可傳送的範圍：請移除，或由有權限的人傳送
FACT_OUT_OF_REACH = 當日此人超出您可傳送的範圍：請由當時負責該團隊的人傳送，或由集團傳送
ALIAS_DIFFERENT = 此別名自同一日期起已存在，但人員（employee_no）和結束日（to）不同
    .person = 此別名自同一日期起已存在，但人員（employee_no）不同
    .end = 此別名自同一日期起已存在，但結束日（to）不同
DEVICE_DIFFERENT = 此裝置自同一日期起已屬於同一人或同一座位，但結束日（to）不同
SHIFT_CANCELLED = 此人在該帳號自 { $start } 起的班次已取消，匯入班表不會恢復它：若要重新安排，請變更班次 { $shift }（ChangeShift）
SHIFT_DIFFERENT = 此人在該帳號自 { $start } 起的班次已存在，但結束時間不同
    .seat = 此人在該帳號自 { $start } 起的班次已存在，但座位不同，或原先未指明這一列所填的座位
PUNCH_DIFFERENT = 此人在 { $at } 已有方向相反的打卡（kind）
HANDOVER_DIFFERENT = 已知在 { $at } 是由另一人辦理（employee_no），而此帳號同一時間只能由一人持有
    .kind = 已知此人在 { $at } 所做的正好相反（kind）
SITE_DIFFERENT = 據點 { $name } 已存在，但時區、換日時間或區域不同
ALIAS_OVERLAP = 此別名在部分日期已指向某人：請先結束前一個，再開始下一個
SLASH_NOT_ALLOWED = 不可含有斜線：平台、商店和名稱以斜線連接
PHASES_MISSING = 至少一項：帳號如何使用
DIRECTION_EXPECTED = 請指明越高越好（higher）或越低越好（lower）
NORMALISATION_EXPECTED = 請指明數值如何換算成分數：target_piecewise、min_max、percentile 或 t_score
PHASE_KIND_EXPECTED = shared、mixed 或 named
PHASE_TWICE = 有兩個階段從同一日期開始
HANDOVER_KIND_EXPECTED = take 或 release
PUNCH_KIND_EXPECTED = in 或 out
SHIFT_TOO_LONG = 一個班次須短於 { $hours } 小時
PERIOD_TOO_LONG = 最多 { $days } 天
DUTY_VERSION_EXPECTED = 應為 1、2 或 3；0 表示最新版本
PUNCH_OF_SHIFT = 這屬於您 { $start } 開始的班次
PUNCH_CAME = 從現在起算為當班
PUNCH_LEFT = 這結束了 { $since } 開始的時段
PUNCH_STILL_IN = 您自 { $since } 起仍為當班：該時段到此結束，並開始新的時段
PUNCH_NOT_IN = 您最近 { $hours } 小時內沒有上班打卡：若是忘了打卡，請申請更正
PUNCH_NOT_PLANNED = 這個時間附近沒有您的班次
PUNCH_DRIFT = 您裝置的時鐘與我們的相差 { $seconds } 秒；以我們的為準
DUTY_DOUBLE_IN = { $number } 在 { $at } 再次打上班卡，其間沒有下班卡；前一時段到此結束
DUTY_IN_WITHOUT_OUT = { $number } 在 { $at } 打了上班卡，{ $hours } 小時內沒有下班卡；該時段不計
DUTY_OUT_MAY_COME = { $number } 在 { $at } 的打卡計為上班，而打卡紀錄到 { $last } 為止都沒有下班卡；這不構成出勤時段，且該工作日的班次只有成對打卡所涵蓋的部分才計入
DUTY_LONE_IN = { $number } 在 { $at } 的打卡計為上班，而 { $hours } 小時內沒有下班卡；這不構成出勤時段，且該工作日的班次只有成對打卡所涵蓋的部分才計入
DUTY_LONE_OUT = { $number } 在 { $at } 的打卡計為下班，而此前 { $hours } 小時內沒有上班卡；這不構成出勤時段，但該工作日的班次只有成對打卡所涵蓋的部分才計入，未交出的持有也到此為止
DUTY_SHIFT_UNCOVERED = { $number } 排班於 { $account }，自 { $start } 至 { $end }，該工作日也有打卡，但沒有任何成對打卡涵蓋這個班次；在補上缺少的打卡之前，該班次不計
DUTY_SHIFT_BARELY_COVERED =
    { $number } 排班於 { $account }，自 { $start } 至 { $end }，該工作日也有打卡，但{ $why ->
        [other] 觸及這個班次的打卡屬於另一個班次
       *[edge] 沒有任何成對打卡涵蓋其排定的時間
    }；在補上缺少的打卡之前，最多只計入其邊緣的 { $minutes } 分鐘
DUTY_SHIFT_HELD_BY_OTHERS = { $number } 排班於 { $account }，自 { $start } 至 { $end }，但依交接紀錄，原本應計入的時間內帳號只由他人持有；該班次不計，若 { $number } 當時確有服務，請補上接手與交出
DUTY_OUT_WITHOUT_IN = { $number } 在 { $at } 打了下班卡，而此前 { $hours } 小時內沒有上班卡；這次打卡不計
DUTY_OUT_AFTER_CLOSED_IN = { $number } 在 { $at } 的打卡計為下班，但之前的上班卡已在 { $out } 結束；這不構成出勤時段，未交出的持有到此為止
DUTY_SHIFT_NOT_EMPLOYED = { $number } 排班於 { $account }，自 { $start } 至 { $end }，但當時並未任職：該班次不計；請更正班表或任職日期
DUTY_PUNCH_NOT_EMPLOYED = { $number } 在 { $at } 打卡，但當時並未任職：這次打卡不計；請更正打卡或任職日期
DUTY_HOLD_NOT_EMPLOYED = { $number } 在 { $at } 接手 { $account }，但當時並未任職：該持有不計；請更正交接或任職日期
DUTY_IN_AND_OUT_AT_ONCE = { $number } 在 { $at } 同時打了上班卡和下班卡；不構成出勤時段
DUTY_NOBODY = { $account } 有相關證據，但本期間仍無人當班
DUTY_NO_EVIDENCE_V1 =
    { $account } 在本期間沒有任何班表、打卡或交接：其所有工作由整個團隊分攤（{ $scope ->
        [all] 全體人員
       *[team] { $team }
    }，{ $people } 人）；請發布班表或請人員打卡
DUTY_NO_EVIDENCE =
    { $account } 在本期間沒有任何班表、打卡或交接：整個團隊視為當班（{ $scope ->
        [all] 全體人員
       *[team] { $team }
    }，人數：{ $people }）；請發布班表或請人員打卡
DUTY_RELEASE_WITHOUT_TAKE = { $number } 在 { $at } 交出 { $account }，但當時並未持有；這次交出不計
DUTY_NEVER_RELEASED =
    { $number } 在 { $since } 接手 { $account } 後一直沒有交出；持有到 { $end } 為止，依據為{ $by ->
        [release] 交出
        [punch_out] 其後的下班打卡
        [roster] 班表的結束時間
        [too_long] 允許的最長時段
       *[taken_again] 其後的接手
    }
DUTY_NO_RELEASE_KNOWN =
    { $number } 在 { $since } 接手 { $account }，此後沒有已知的交出；持有到 { $end } 為止，依據為{ $by ->
        [release] 交出
        [punch_out] 其後的下班打卡
        [roster] 班表的結束時間
        [too_long] 允許的最長時段
       *[taken_again] 其後的接手
    }
DUTY_TAKEN_AGAIN =
    { $number } 在 { $since } 接手 { $account }，未交出又在 { $again } 再次接手；持有到 { $end } 為止，依據為{ $by ->
        [release] 交出
        [punch_out] 其後的下班打卡
        [roster] 班表的結束時間
        [too_long] 允許的最長時段
       *[taken_again] 其後的接手
    }
DUTY_HELD_BY_TWO =
    { $first } 與 { $second } 自 { $from } 至 { $until } 同時持有 { $account }；{ $why ->
        [exclusive] 此帳號同一時間只能由一人持有
       *[unreleased] 前者尚未交出
    }

## What to do about findings

FINDING_ADVICE =
    { $kind ->
        [NO_DUTY_EVIDENCE] 請匯入該帳號的班表，或請相關人員打卡或交接，再重新執行歸屬運算
        [UNHELD_ACCOUNT] 請補上當時服務該帳號者的班次，或缺少的打卡或接手；屬於其他帳號的紀錄請移走（MoveRecord）
        [OVERLAP] 他人接手時已不再持有帳號的一方，請補上其交出（CorrectHandover）
        [MISSING_RELEASE] 請補上交出（CorrectHandover）
        [RELEASE_WITHOUT_TAKE] 請補上與這次交出對應的接手，或將這次交出作廢（CorrectHandover）
        [DOUBLE_IN] 請在第二次上班卡之前補上下班卡，或將其中一次作廢（CorrectPunch）
        [MISSING_PUNCH] 請補上缺少的打卡，或將單獨的這次作廢（CorrectPunch）
        [UNCOVERED_SHIFT] 請補上該班次的打卡（CorrectPunch）；若無人到班，請取消該班次（CancelShift）
        [BARELY_COVERED_SHIFT] 請補上該班次缺少的打卡（CorrectPunch），或變更班次時間（ChangeShift）
        [HELD_BY_OTHERS] 請補上依班表服務者的接手與交出（CorrectHandover），或取消該班次（CancelShift）
        [NOT_EMPLOYED] 請更正班表、打卡或交接，或更正任職日期（ChangeEmployment）
        [TAG_OFF_DUTY] 請補上紀錄所指人員的班次或打卡，或將紀錄移到其所屬帳號（MoveRecord），或以正確的名稱和較高的修訂號重新傳送
        [NAMED_WITHOUT_AGENT] 請以較高的修訂號重新傳送紀錄，並附上客服名稱
        [MIXED_WITHOUT_TAG] 請以較高的修訂號重新傳送紀錄，並附上客服名稱；或維持依班表處理
        [TOO_FEW_TO_INFER] 不必處理；交接或紀錄中的名稱能更準確地說明是誰服務的
        [DID_NOT_SETTLE] 不必處理；交接能更準確地說明是誰服務的
        [SEVERAL_AT_ONCE] 請傳送回覆時間，或請人員認領對話；紀錄中的名稱同樣能更準確地說明是誰服務的
        [TOO_FEW_REPLIES] 紀錄少的月份不必處理；紀錄中的名稱或認領能更準確地說明是誰服務的
        [REPLIES_TOO_DENSE] 請讓十分之一的紀錄有客服名稱、經點選認領（MakeClaim）或在已知的裝置上回覆（ImportDevices），並請人員為休息打卡
        [EVIDENCE_UNEVEN] 請該帳號的每個人同樣點選認領（MakeClaim）、署名或在已知的裝置上回覆（ImportDevices）
        [CLOCK_WITHOUT_SECONDS] 請匯出含秒數的回覆時間
        [CLAIM_OFF_DUTY] 請查明是誰點選的，以及當日的打卡與班表
        [CLAIM_WITHOUT_RECORD] 請確認該紀錄是否已傳送，以及認領的時鐘
        [CLAIMS_DIFFER] 請詢問當事人是誰服務的，並在紀錄中寫明客服
        [DEVICE_OFF_DUTY] 請查明裝置屬於誰，以及當日的打卡與班表
        [DEVICE_OF_SEVERAL] 請寫明裝置從何時到何時屬於誰
        [DEVICE_OF_NOBODY] 請依紀錄所寫的名稱，登記裝置在這些日期屬於誰（ImportDevices），或為其座位排班
        [EVIDENCE_NOT_READ] 請指定會讀取這些證據的政策第 3 版，或不指定（即採用最新版本）；也可維持現狀，該月份的歸屬即不採用這些證據
        [REPLY_OUTSIDE_RECORD] 請確認紀錄的起訖時間，以及回覆的時鐘
        [BREAKS_NOT_PUNCHED] 請人員在休息前打下班卡、休息後再打上班卡（RecordPunch），或交接帳號
        [CLOCKS_APART] 請校正該工作位的時鐘；若要以正確的時間保存，請重新匯出其訊息
        [UNKNOWN_AGENT] 請說明該名稱屬於誰（ImportAliases），或以正確的名稱重新傳送紀錄
        [ACCOUNT_UNKNOWN] 請匯入該帳號（ImportAccounts），或將紀錄移到其所屬帳號（MoveRecord）
        [POPULATION_CHANGED] 請重新結帳，除非仍要以先前的人員為準（CloseCycle）
        [AMOUNTS_CONVERTED] 不必處理；若匯率有誤，請設定正確的匯率（SetRates），再重新執行歸屬運算
        [MEASURE_NOT_SENT] 請傳送訊息中所指的資料，或從考核方案移除該考核指標
        [OBSERVATIONS_BEYOND_PERIOD] 請撤回該觀測值（WithdrawObservation），並依期間拆開後重新傳送；或對包含其所有日期的期間結帳
        [OBSERVATIONS_UNREAD] 請以正確的名稱重新傳送並撤回這些觀測值（WithdrawObservation），或讓考核方案讀取該指標值；若是留待日後使用，則不必處理
        [REFUND_EXCEEDS_SALE] 請以正確的金額和較高的修訂號重新傳送退款，或將它撤回（WithdrawRecord）；若退款無誤，請以較高的修訂號重新傳送銷售，填寫實際的金額
        [CONTRIBUTOR_UNKNOWN] 請說明該名稱屬於誰（ImportAliases），或以正確的協作者和較高的修訂號重新傳送紀錄
        [CONTRIBUTOR_OFF_DUTY] 若是在自己班次之外協助，則不必處理；否則請補上班次或打卡，或以正確的協作者和較高的修訂號重新傳送紀錄
        [CONTRIBUTORS_NOT_SPLIT] 若要分攤這類紀錄，請指定含分攤規則的政策；否則可維持現狀：協作者均已保存
        [STANDARD_WITHDRAWN] 請撰寫考核方案的新版本，以使用中的標準為依據（ListRefinements 會說明哪些適用），再以它建立考核週期並結帳，或以它更正已發布的考核週期（CorrectCycle）；若該月份仍應依舊標準評分，則維持現狀
       *[other] 請檢視其所指的內容，如有錯誤請更正，再重新執行歸屬運算
    }
FIX_REFUSED = 未接受此修正：{ $why }
FINDING_WITHOUT_FIX = 沒有單一呼叫可以改正 { $kind } 類的發現事項：請依其建議處理

## Performance

CYCLE_CLOSING = 考核週期正在結帳：請查看進度，或先取消結帳
CYCLE_PUBLISHED = 考核週期已發布，不再變動：若結果應有不同，請用 CorrectCycle 更正
CYCLE_NOT_CLOSING = 考核週期沒有在結帳，因此沒有可取消的
CYCLE_NOT_REVIEWABLE = 考核週期沒有可發布的結果：請先結帳
CYCLE_WITHOUT_RESULT = 考核週期尚無結果：請結帳，並等到可供複核
PERIOD_WITHOUT_RECORDS = 在 { $from } 與 { $to } 之間，沒有任何帳號的服務紀錄開始：請匯入這些日期的紀錄，或建立其他日期的考核週期
    .part = 在 { $from } 與 { $to } 之間，其單位的帳號以及其人員服務過的帳號都沒有服務紀錄開始：請匯入這些日期的紀錄；若紀錄已存在，請讓帳號指明其在該單位中的團隊，並更正服務者的任職；若其團隊已轉到其他單位，則由該單位結帳
NOBODY_CREDITED = { $records } 筆紀錄都無法歸屬任何人：請匯入本期間的班表、打卡或交接，再重新結帳
    .unemployed = { $records } 筆紀錄都無法歸屬任何人，因為在 { $from } 與 { $to } 之間無人任職：請更正任職或期間，再重新結帳
    .elsewhere = 納入考核的人都沒有分得紀錄：歸屬運算所讀取的紀錄歸屬於未納入的人（{ $records } 筆中有 { $elsewhere } 筆）。請查看誰已納入及原因（PreviewPopulation），更正任職，或紀錄所依據的帳號、客服或班表，再重新結帳
CYCLE_REFUSED = { $message }
CYCLE_GIVEN_UP = 多次嘗試結帳皆未成功（{ $reason }）：請重新結帳；若再次失敗，請洽維運人員
STEP_QUEUED = 等待處理
STEP_COLLECTING = 正在彙集人員、帳號與出勤
STEP_ATTRIBUTING = 正在將紀錄歸屬於人員
STEP_SCORING = 正在製作成績單
RUN_RESTS = 歸屬運算已結束，因此沒有可停止的
RUN_NOT_DONE = 歸屬運算沒有結果：請等到完成，或另行執行一次
RUN_DIFFERS = 歸屬運算的日期或政策與考核週期不同：請指定相同的歸屬運算；若不指定，會自動執行一次
RUN_COVERS_PART = 歸屬運算只涉及部分帳號或單位，未涵蓋考核週期的全部：請指定涵蓋該考核週期的單位或其上層單位的歸屬運算；若不指定，會自動執行一次
    .moved = 依 { $day }（as_of）屬於此考核週期的人員中，有 { $people } 人到 { $last } 已連同所服務的帳號轉往他處：請由權限涵蓋 { $unit } 的人為該單位執行歸屬運算（StartAttributionRun）並指定它（attribution_run_id），或以最後一天作為 as_of
    .moved_group = 依 { $day }（as_of）屬於此考核週期的人員中，有 { $people } 人到 { $last } 已連同所服務的帳號轉往他處：請由集團人資為集團執行歸屬運算（StartAttributionRun）並指定它（attribution_run_id），或以最後一天作為 as_of
RUN_AWAITED = 有考核週期正以這次歸屬運算結帳：請改為取消該考核週期的結帳
RUN_OUTDATED = { $account } 的紀錄在歸屬運算讀取之後已有變更，而考核方案要讀取的欄並未由該運算加總：請另行執行一次，或結帳時不指定
RUN_WITHOUT_RATES = 考核方案指定了幣別，而這次歸屬運算早於匯率開始保存之時：請結帳時不指定歸屬運算，或另行執行一次
    .on = { $account } 在 { $day } 的紀錄 { $record } 使用其他幣別，而歸屬運算未保存當日的匯率，因為啟動時所用或當時使用中的考核方案都未回溯到該日：請結帳時不指定歸屬運算，或另行執行一次
RUN_STOPPED = 歸屬運算已停止：請重新結帳
RUN_BELONGS_ABOVE =
    { $own ->
        [0]
            此單位的人員服務了{ $units ->
                [0] 其他單位
               *[other] { " " }{ $beyond }{ " " }
            }的帳號
       *[other]
            { $units ->
                [0] 其他單位
               *[other] { $beyond }{ " " }
            }的人員也服務相同的帳號（{ $accounts }）
    }，而共同服務者須一併歸屬：請由權限涵蓋 { $unit } 的人為該單位執行歸屬運算（StartAttributionRun），再以它結帳（CloseCycle 並填 attribution_run_id）
    .group =
        { $own ->
            [0]
                此單位的人員服務了{ $units ->
                    [0] 其他單位
                   *[other] { " " }{ $beyond }{ " " }
                }的帳號
           *[other]
                { $units ->
                    [0] 其他單位
                   *[other] { $beyond }{ " " }
                }的人員也服務相同的帳號（{ $accounts }）
        }，而共同服務者須一併歸屬：請由集團人資為整個集團執行歸屬運算（StartAttributionRun，不填單位），再以它結帳（CloseCycle 並填 attribution_run_id）
SCHEME_OF_ANOTHER_UNIT = 此考核方案屬於與考核週期無關的單位：請選用集團、該單位或其上層單位的考核方案
POPULATION_EMPTY = 考核週期中沒有任何人：請用 PreviewPopulation 查看誰已納入、誰未納入，並改填其他單位、職位、職等或人員
POPULATION_UNIT_BEYOND = { $unit } 在該日不是考核週期的單位或其下層單位
POPULATION_PERSON_BEYOND = { $person } 在該日不屬於考核週期的單位或其下層單位
POPULATION_PERSON_UNKNOWN = 集團中沒有識別碼為 { $person } 的人員：請用 ListPeople 查詢識別碼
POPULATION_AS_OF_OUTSIDE = { $day } 不在考核週期內：請填寫 { $from } 至 { $to } 之間的日期；若不填，則以 { $to } 為準
STANDARD_WITHDRAWN = 考核方案「{ $scheme }」衍生自標準「{ $standard }」的第 { $version } 版，該版自 { $from } 起停用：此考核週期仍依它評分
    .instead = 考核方案「{ $scheme }」衍生自標準「{ $standard }」的第 { $version } 版，該版自 { $from } 起停用，應改用第 { $instead } 版：此考核週期仍依它評分
POPULATION_CHANGED = 在結帳期間進入或離開了考核對象
    .came = 現在屬於考核對象，但結帳開始時並不屬於，因此沒有成績單：若要納入此人，請重新結帳
    .left = 結帳開始時屬於考核對象，但現在已不屬於，而有成績單：若要排除此人，請重新結帳
CYCLE_OR_RUN = 請指定考核週期或歸屬運算，不要兩者都指定
RUN_GONE = 執行已取消
WORKER_GONE = 工作程序已離線
TIME_OF_DAY_MALFORMED = 「{ $text }」不是一天中的時間：請寫成 04:00
RULES_VERSION_UNKNOWN = 「{ $version }」不是規則的版本：請填 1、2 或 3
RULES_VERSION_DIFFERS = 請不要填寫，或與 policy.version 一致，填 { $version }
ACCOUNT_ELSEWHERE =
    帳號 { $account } 位於區域 { $region }，{ $unit ->
        [none] 不屬於任何單位
       *[other] 屬於單位 { $unit }
    }：請照此填寫
EXTERNAL_ID_MISSING = external_id 為空：請填寫平台本身的紀錄編號
RECORD_TEXT_TOO_LONG = { $field } 過長：最多 { $max } 個字元
MEASURE_TOO_LONG = 有一項指標值過長：最多 { $max } 個字元
MEASURES_TOO_MANY = 指標值清單過長：最多 { $max } 項
RECORD_TIME_MISSING = { $field } 未填，或不是時間
INTERVAL_BACKWARDS = 結束時間 { $ended } 早於開始時間 { $started }：請更正其中之一
RECORD_TIME_IMPLAUSIBLE = { $field } 不在 { $first } 年至 { $last } 年之間：請檢查年份
INTERVAL_TOO_LONG = 自 { $started } 持續至 { $ended }，而紀錄不會超過 { $days } 天：請更正日期
AMOUNT_OUT_OF_RANGE = 金額超過 { $most } 個最小貨幣單位：請檢查單位
REPLY_OUT_OF_RANGE = 首次回覆超過 { $most } 秒：請檢查單位，或不要填寫
MEASURE_OUT_OF_RANGE = 指標值「{ $name }」的小數點前超過 { $digits } 位：請檢查單位
AMOUNT_NEGATIVE = 金額為負：請在 refers_to 填寫所退款的紀錄
REFUND_TAKES_NOTHING = 填了 refers_to 即為退款，但金額並非負數：請將退還的金額寫成負數，或將 refers_to 留空
REFERS_TO_NOTHING = { $id } 所指的 { $other } 不是此帳號的紀錄：請先傳送該紀錄，或在同一次呼叫中傳送
REFERS_TO_REFUND = { $id } 所指的 { $other } 本身是退款：請填寫實際服務的紀錄
REFERENCE_FIXED = { $id } 已存在，且所指的是另一筆紀錄或未指任何紀錄：請將它撤回，再以另一個編號傳送退款
REPLY_RECORD_UNKNOWN = 此帳號沒有紀錄 { $id }，或其日期超出您可匯入的範圍：請先匯入該紀錄，或更正其編號或帳號
    .account = { $account } 不是任何帳號的識別碼：請依清單所列填寫
REPLIES_MISSING = { $id } 沒有任何訊息：請至少傳送一則，或移除這一列
REPLY_SIDE_MISSING = 未填 by：請說明是客服還是顧客所寫
REPLIES_TOO_MANY = { $id } 將有 { $count } 則訊息，而一筆紀錄最多 { $most } 則：請確認是否有多個對話共用同一編號
    .import = 每次呼叫最多 { $most } 則訊息，這次有 { $count } 則：請分多次傳送
CLAIM_NAMES_BOTH = 同時填寫了紀錄和顧客：請只填其一；兩者都不填，則為該帳號的下一筆紀錄
CLAIM_OUT_OF_REACH = 帳號 { $account } 的認領超出您可傳送的範圍：請移除，或由有權限的人傳送
CLAIM_WITHDRAWN = { $at } 的認領已撤回（{ $why }）：請移除
OBSERVATION_OUT_OF_REACH = { $name } 超出您可傳送的範圍：請移除，或由有權限的人傳送
CONTRIBUTORS_MALFORMED = contributors：「{ $text }」未指明任何人：請填寫角色，以及員工編號或暱稱，不含分號
    .role = contributors：「{ $text }」不是角色：請用 first_answer、closer 或 after_sales
    .twice = contributors：{ $text } 出現兩次：同一角色中每個人只填一次
    .many = contributors：超過一筆紀錄最多可有的 { $max } 位
SPLIT_NOT_WHOLE = 各部分合計為百萬分之 { $sum }，而不是 1000000：請填寫每個角色的份額，使其合計為一筆完整的紀錄
RECORD_CURRENCY_UNKNOWN = 「{ $code }」不是 ISO 4217 的幣別：請填寫例如 JPY；若為集團的幣別，請留空
REVISION_OUT_OF_RANGE = 修訂號 { $revision } 超過 { $most }：請傳送較小的修訂號
REVISION_TWICE = 同時填寫了 revision 和 revised_at：請只傳送其中一項
REVISION_STALE = { $id } 已有修訂號 { $there }，比 { $sent } 更新：若應以這一列為準，請以較高的修訂號傳送
    .unsaid = { $id } 已有修訂號 { $there }，而這一列未填：若應以這一列為準，請以較高的修訂號傳送
RECORD_WITHDRAWN = { $id } 已撤回（{ $why }）：請移除，或以較高的修訂號恢復
    .already = { $id } 早已撤回（{ $why }）：不必再處理
RECORD_MOVED = { $id } 已移到另一個帳號（{ $why }）：請傳送給該帳號
    .already = { $id } 已移到另一個帳號（{ $why }）：ListRecordVersions 會說明移到何處；若該帳號正確，則不必再處理
RECORD_OUT_OF_REACH = { $id } 當日超出您可匯入的範圍：請由當日負責該帳號團隊的人，或由集團匯入
RATING_OUT_OF_RANGE = 評分 { $rating }（千分之一）超過十分
MEASURE_MALFORMED = 指標值「{ $name }」須有不重複的名稱，以及一個小數或一段文字，擇一即可
ROWS_CONTRADICT = 本次呼叫有多列為 { $id }，而內容不同：請只傳送正確的一列
ID_WITH_UNSEEN = { $field } 含有看不見的字元 { $character }：請刪除
    .here = 含有看不見的字元 { $character }：請刪除
DIFFERENT_CONTENT = { $id } 已存在，但內容不同（{ $columns }）：若應以這一列為準，請以較高的修訂號傳送
COLUMN_DIFFERS = { $column }：既有為 { $there }，此處為 { $here }
    .hidden = { $column }
NO_VALUE_THERE = 無
MOVED_TO_ITSELF = 紀錄本來就在此帳號：請填寫其所屬的帳號
RECORD_REFERRED_TO = 退款 { $refund } 指向 { $id }：請先撤回該退款
REFUND_MOVES_WITH_RECORD = { $id } 是 { $other } 的退款：請移動該紀錄，其退款會一併移動
RECORD_THERE_ALREADY = 另一個帳號已有或曾有另一筆紀錄 { $id }：不會覆寫任何內容，請撤回錯誤的一筆
RECORD_RATE_MISSING = { $account } 的紀錄 { $record } 以 { $currency } 計價，而這次歸屬運算早於匯率開始保存之時：請結帳時不指定歸屬運算，或另行執行一次
    .on = { $account } 的紀錄 { $record } 以 { $from } 計價，而在 { $day } 沒有 { $from } 與 { $to } 之間的匯率：請設定自該日或更早日期起的匯率（SetRates，並附來源）；若考核週期已發布，請再次更正，否則請重新結帳，且不指定歸屬運算，或指定之後才啟動的運算：較早的運算會保留其原有的匯率
    .look = { $account } 自 { $day } 起有以 { $from } 計價的銷售，而當時沒有 { $from } 與 { $to } 之間的匯率：請設定自該日或更早日期起的匯率（SetRates，並附來源）
RECORD_ELSEWHERE = 有一筆不屬於此單位帳號的紀錄無法計算（{ $why }）：請集團對相同的日期結帳，屆時會指明該紀錄，將它更正之後再重新結帳，且不指定歸屬運算，或指定之後才啟動的運算：較早的運算會保留其讀取的紀錄與匯率
RECORD_AMOUNT_TOO_LARGE = { $account } 的紀錄 { $record } 的金額超過 { $to } 的 { $most } 個最小貨幣單位，超出可計算的範圍：請更正金額或當日的匯率，再重新結帳
SCHEDULE_UNIT_STAYS = 定期結帳排程的單位不可變更：請為其他單位另建一個排程
SCHEDULE_AS_OF = 定期結帳排程每月以當月最後一天決定納入的人員：請不要填寫日期
SCHEDULE_DAY = { $day } 不是一個月中的日子：請填 1 至 31；當月沒有該日時，以最後一天為準
SCHEDULE_DELAY = 預檢與結帳之間最多等待 { $most } 分鐘
    .dry = 會先預檢的排程須指明幾分鐘後結帳，1 至 { $most }；不預檢者填 0
SCHEDULE_RUN_CLOSES = 正在對考核週期結帳：請改為取消考核週期的結帳
SCHEDULE_RUN_ENDED = 這次執行已結束：沒有可停止的
SCHEDULE_MONTH_THERE = 該月份已開始：執行失敗或停止之後，才能重新開始
SCHEDULE_MONTH_NOT_OVER = 在排程的時區，該月份尚未結束：請在結束之後開始
SCHEDULE_THERE = 排程 { $schedule } 的內容相同，每個月都會結帳兩次：請變更該排程（UpdateSchedule）；若確有此意，請為這個排程另取名稱
SCHEDULE_MAKER_MAY_NOT = 最後撰寫此排程的人已無權在此建立考核週期並結帳：請由有權限的人重新撰寫（UpdateSchedule），並手動開始本月（BeginScheduleRun）
SCHEDULE_BEGAN = { $month } 已開始，預定於 { $due } 開始
SCHEDULE_LEFT_OUT = 更早的 { $months } 個月錯過已超過 { $most } 個月，不會自動結帳：若有需要，請手動結帳
SCHEDULE_LOOKED =
    預檢：納入 { $people } 人、{ $accounts } 個帳號，該月份前後有 { $records } 筆紀錄，{ $findings ->
        [0] 沒有異常
       *[other] { $findings } 項發現事項（{ $kinds }）
    }
    .everybody =
        預檢：納入集團全體人員、{ $accounts } 個帳號，該月份前後有 { $records } 筆紀錄，{ $findings ->
            [0] 沒有異常
           *[other] { $findings } 項發現事項（{ $kinds }）
        }
SCHEDULE_WAITS = { $until } 之前不會結帳：若要先更正，請停止這次執行
SCHEDULE_WOULD_FAIL = 依目前情況，屆時將拒絕結帳：{ $why }；在此之前補齊的內容會計入
SCHEDULE_MAY_FAIL = 依目前情況，若該單位有人因此取得歸屬，屆時將拒絕結帳：{ $why }；在此之前補齊的內容會計入
SCHEDULE_AWAITS_RUN = 正在等待 { $from } 至 { $to }、涵蓋此單位或其上層單位，且在這些日期結束之後才開始的歸屬運算：請在該處執行（StartAttributionRun），或在該處結帳
    .early = 正在等待 { $from } 至 { $to }、涵蓋此單位或其上層單位的歸屬運算：最新的 { $run } 在這些日期結束之前就已開始：請在該處另行執行一次（StartAttributionRun）
    .differs = 正在等待 { $from } 至 { $to }、涵蓋此單位或其上層單位的歸屬運算：最新的 { $run } 的政策與此排程不同：請依排程的政策執行（StartAttributionRun），或變更排程（UpdateSchedule）
    .part = 正在等待 { $from } 至 { $to }、涵蓋此單位或其上層單位的歸屬運算：最新的 { $run } 只涉及結帳內容的一部分：請執行涵蓋全部的歸屬運算（StartAttributionRun）
SCHEDULE_SCORES_FROM = 以歸屬運算 { $run } 評分
SCHEDULE_CLOSES = 已建立考核週期 { $cycle } 並開始結帳
    .again = 對上次未完成的考核週期 { $cycle } 重新結帳
SCHEDULE_DONE = 已結帳：{ $people } 人有成績單，{ $records } 筆紀錄中有 { $nobody } 筆未歸屬任何人，{ $findings } 項發現事項；請檢視，無誤後發布
SCHEDULE_FAILED = 未能完成：{ $why }
SCHEDULE_AGAIN = 已手動重新開始
SCHEDULE_STOPPED = 已手動停止
SCHEDULE_DELETED = 因排程已刪除而停止
SCHEDULE_CYCLE_CANCELLED = 考核週期的結帳已取消
OBSERVATION_WITHOUT_MEASURE = measure 為空：請填寫考核方案所用的指標值名稱
OBSERVATION_WITHOUT_SUBJECT = 未說明觀測的對象：請填寫人員、單位、帳號、商店或活動
    .id =
        { $kind ->
            [person] 人員
            [unit] 單位
           *[account] 帳號
        }的識別碼不正確：請依清單所列填寫
OBSERVATION_SUBJECT_UNKNOWN =
    { $kind ->
        [person] 沒有人員 { $key }：請更正，或先匯入
        [unit] 單位 { $key } 在這些日期和目前都不存在，也從未有人在其中任職：請更正單位；若單位在這些日期之前已裁撤，請更正日期；或先匯入該單位
        [account] 沒有帳號 { $key }：請更正，或先匯入
       *[store] 沒有屬於商店 { $key } 的帳號：請更正，或先匯入
    }
OBSERVATION_UNIT_CLOSED = 單位 { $unit } 已裁撤，最後一天為 { $last }：請讓日期止於該日，或更正單位
    .into = 單位 { $unit } 已裁撤，最後一天為 { $last }，所屬人員轉入 { $into }：請讓日期止於該日，之後的觀測值請以後者傳送
    .later = 單位 { $unit } 自 { $from } 起成立：請更正日期或單位
OBSERVATION_RESERVED = 「{ $measure }」由系統自行觀測：請移除，或為該指標值另取名稱
OBSERVATION_UNIT_NOT_HERE =
    unit_id 用來說明由誰負責活動，而此處的對象是{ $kind ->
        [person] 人員
        [unit] 單位
        [account] 帳號
       *[store] 商店
    }：請不要填寫
OBSERVATION_WITHOUT_TIME = 須有時間點（at），或第一天以及（超過一天時）最後一天（from、to）：兩者擇一填寫
    .date = { $field } 不是日期：請寫成 2026-03-31
OBSERVATION_BACKWARDS = 結束日 { $to } 早於開始日 { $from }：請更正其中之一
OBSERVATION_TOO_LONG = 涵蓋 { $from } 至 { $to }，而一項觀測值最多涵蓋 { $most } 天：請更正日期
OBSERVATION_TIME_IMPLAUSIBLE = { $field } 不在 { $first } 年至 { $last } 年之間：請檢查年份
OBSERVATION_WITHOUT_NUMBER = 「{ $text }」不是最多六位小數的數字：請更正
OBSERVATION_OUT_OF_RANGE = 數值的絕對值超過 { $most }：請檢查單位
OBSERVATION_DIFFERENT = { $name } 已存在，來自 { $source } 的值為 { $other }，而此處來自 { $of } 的值為 { $value }：若應以此處為準，請以較高的修訂號傳送
OBSERVATION_WITHDRAWN = { $name } 已撤回（{ $why }）：請移除，或以較高的修訂號恢復
SCHEME_WITHOUT_INDICATORS = 至少須有一項考核指標
NAME_TWICE = 「{ $name }」出現兩次
WEIGHTS_NOT_HUNDRED = 權重合計為 { $sum }，而不是 100：請調整為合計恰好 100
WEIGHT_NOT_POSITIVE = { $weight } 並未大於零：請移除該考核指標
MEASURE_TOO_LARGE = { $account } 的紀錄 { $record } 的指標值「{ $column }」為 { $value }，過大而無法計算（正負皆最多 9000000000000）：請更正該紀錄，或從考核方案移除該考核指標
    .row = { $text } 過大，無法計算：正負皆最多 { $most }
MEASURE_TOO_LARGE_CURE = 請更正該數字，或從 scheme.yaml 移除衡量該欄的考核指標
MEASURE_UNKNOWN = 「{ $measure }」既不是內建的指標值（credited_records、first_reply_within_30s、resolved、rating_at_least_4、amount），也不是紀錄中的數字欄
BOUNDS_OF_NOTHING = 考核方案沒有考核指標「{ $kpi }」：請填寫方案本身某項考核指標的鍵
BOUNDS_BACKWARDS = 下限 { $min } 高於上限 { $max }：請對調
BOUNDS_WITHOUT_OWN = 考核方案本身的值為 { $own }，不在 { $min } 至 { $max } 之間：請放寬範圍，將它納入
BOUNDS_EXTRA = { $most } 不在 0 與 100 之間
REFINED_BEYOND = { $value } 超出標準「{ $standard }」所允許的範圍：{ $min } 至 { $max }
    .target = 標準「{ $standard }」允許 { $min } 至 { $max } 之間的數字
REFINED_FIXED = 標準「{ $standard }」對此已有規定：請照其內容填寫
    .value = 標準「{ $standard }」規定為 { $fixed }，而不是 { $value }
REFINED_DEFINITION = 標準「{ $standard }」規定了「{ $measure }」的定義：請原樣照抄
    .column = 標準「{ $standard }」的「{ $measure }」取自同名的欄：請為此定義另取名稱
    .extra = 標準「{ $standard }」所允許的「{ $measure }」以目錄中的定義為準：請移除此定義，系統會從目錄複製
REFINED_MEASURE = 標準「{ $standard }」的「{ $kpi }」衡量的是 { $measure }：請照此衡量，或為這項考核指標另取鍵
WEIGHT_BOUND_TWICE = 請填寫 weight 的下限與上限，或以 weight_within 填寫可增減的幅度：不可兩者都填
WEIGHT_BOUND_BELOW_0 = 增減的幅度須為 0 以上的數字
WEIGHT_BOUND_TOO_LARGE = 超出可計算的範圍：最多填 100
REFINED_LEFT_OUT = 缺少「{ $kpi }」，而標準「{ $standard }」不允許移除它
REFINED_EXTRA = 「{ $kpi }」不是標準「{ $standard }」的考核指標，而該標準不允許另加考核指標
REFINED_EXTRA_MEASURE = 標準「{ $standard }」以外的考核指標不可衡量「{ $measure }」，可衡量的有：{ $measures }
REFINED_EXTRA_SHARE = 標準「{ $standard }」以外的考核指標權重合計 { $sum }，而它最多允許 { $most }
SCHEME_PARENT_NOT_ABOVE = 考核方案須衍生自集團或上層單位的考核方案：請指定這樣的方案，或不指定
SCHEME_WITHDRAWN = 考核方案「{ $name }」自 { $from } 起停用：請選用其他方案，或以其他名稱撰寫
    .version = 「{ $name }」的第 { $version } 版自 { $from } 起停用：請選用其他版本
    .version_none = 「{ $name }」的第 { $version } 版自 { $from } 起停用，屆時也沒有其他使用中的版本：請選用其他考核方案，或請人撰寫新版本
    .version_for = 「{ $name }」的第 { $version } 版自 { $from } 起停用：請選用第 { $instead } 版
    .parent = 此考核方案所衍生自的「{ $name }」版本自 { $from } 起已停用：請改為衍生自其他版本或其他方案
    .parent_none = 此考核方案所衍生自的「{ $name }」版本自 { $from } 起已停用，其他版本也都停用：請改為衍生自其他方案，或不衍生
    .parent_for = 此考核方案所衍生自的「{ $name }」版本自 { $from } 起已停用：請改為衍生自第 { $version } 版
SCHEME_WITHDRAWN_ALREADY = 已自 { $from } 起停用
SCHEME_NOT_INSTEAD = 第 { $version } 版不能用來取代它：請指定該方案另一個使用中的版本，且僅限停用單一版本時填寫
SCHEME_IMPORTED = 此考核方案來自 { $region }，並在那裡撰寫：請在那裡變更，再重新匯入檔案
SCHEME_OF_A_UNIT = 此考核方案屬於某個單位，留在其區域內：請匯出集團的考核方案
STANDARD_DIFFERS = 「{ $name }」的第 { $version } 版在此處的內容不同：版本不會變更，請向撰寫它的系統確認何者正確
    .withdrawal = 「{ $name }」在此處的停用日不同：請向撰寫它的系統確認何者正確
STANDARD_NOT_FROM = 此考核方案不是由 { $region } 的系統撰寫：請匯入撰寫它的系統的檔案
SCHEME_NAME_TAKEN = 集團在此處已有另一個名為「{ $name }」的考核方案：請在撰寫之處為該標準另取名稱
SCHEME_NAME_UNKNOWN = 集團在此處沒有名為「{ $name }」的考核方案：可用 ListSchemes 查詢名稱
STANDARD_IMPORTED = { $region } 的「{ $name }」：最新為第 { $version } 版，新增 { $written } 個，未變 { $unchanged } 個
STANDARD_MANDATORY = 此處的考核方案須衍生自其中一項強制適用的標準：請將其一指定為上層方案：{ $standards }
TARGET_MISSING = 須為數字或 team_median
TARGET_NOT_POSITIVE = { $target } 並未大於零
FLOOR_NOT_BELOW_CAP = 下限 { $floor } 並未低於上限 { $cap }
SMALL_SAMPLE_NOT_HERE = 只有比率和平均值可以向平均靠攏
QUOTAS_NOT_WHOLE = 各配額合計須恰好為百萬分之 1000000
BANDS_OUT_OF_ORDER = 請從最好的分布級距寫起，較差的級距分數不可更高
BANDS_NOT_HERE = 分布級距只用於 forced_distribution
GRADES_OUT_OF_ORDER = 請從最好的等第寫起，min_score 逐級遞減
GRADES_MIXED = 請為每個等第都填寫 min_score，或都填寫配額
MEASURE_OF_EXPECTED = 請指明指標值取自何處：record、observation、ratio、sum、repeat、trend 或 team
AGGREGATION_EXPECTED = 請指明各值如何彙總為一個值，並使用此版本支援的彙總方式
OBSERVED_OF_EXPECTED = 請指明觀測的對象：人員、單位、帳號、商店或活動
MEASURES_DEFINED_TOO_MANY = 一個考核方案最多定義 { $most } 項指標值：請移除沒有考核指標使用的定義
MEASURE_BUILT_IN = 「{ $name }」是內建的指標值：請為此定義另取名稱
MEASURE_VALID_BACKWARDS = 第一天 { $from } 晚於最後一天 { $to }：請對調
MEASURE_VALUE_MISSING = 須指明紀錄的值：first_reply_seconds、duration_seconds、resolved、rating、amount，或某個數字欄
MEASURE_OF_RESOLVED = resolved 只有是與否：請取其占比，或計算紀錄筆數
MEASURE_COLUMN_UNKNOWN = 「{ $column }」不是紀錄中的數字欄
MEASURE_TEST_MISSING = 須有門檻：at_most、at_least、below、above 或 equal
MEASURE_TEST_NOT_HERE = 門檻只用於占比，或依值計算的紀錄筆數或顧客數：請移除
MEASURE_HOURS_EMPTY = 時段的起訖時間相同：若要計算全天，請移除時段
MEASURE_HOURS_NOT_HERE = 只有 first_reply_seconds 或 duration_seconds 的秒數可以只計時段之內：請改為計算在時段內開始的紀錄
MEASURE_SESSION_TOO_LONG = 同一次諮詢的間隔最多 { $most } 分鐘
MEASURE_SESSION_NOT_HERE = 加總會採用每一筆紀錄，而顧客本來就只計一次：請移除 session
MEASURE_ADDS_NOT_UP = 「{ $measure }」既不是筆數也不是加總，因此不能作為除數或被除數：請指定可以加總的指標值
MEASURE_SUM_EMPTY = 至少須有一項要加總的指標值
MEASURE_FACTOR_ZERO = 係數為 0 等於不計：請移除
MEASURE_COUNT_EXPECTED = 「{ $measure }」不是此考核方案所定義的紀錄筆數：重複只在紀錄中尋找
MEASURE_DAYS_BEYOND = 重複只在 1 至 { $most } 天內尋找
MEASURE_PART_UNKNOWN = 「{ $measure }」未在考核方案中定義，也不是內建：請一併定義，或更正名稱
MEASURE_OF_ITSELF = 「{ $measure }」由其本身計算而來：請從其組成中移除
MEASURE_NAME_RESERVED = 以「{ $prefix }」開頭的名稱屬於人人都有的指標值：請另選名稱
MEASURE_NAME_TAKEN = 已有名為「{ $name }」的指標值：請變更該指標值，或另選名稱
MEASURE_NAME_FIXED = 此指標值名為「{ $name }」，不可更改：請以新名稱另行定義，並停用這一項
MEASURE_RETIRED = 目錄中已停用：{ $measures }。請改用其他指標值、在考核方案內自行定義同名的指標值，或重新啟用（UpdateMeasure）
MEASURE_RETIRED_ALREADY = 「{ $name }」已停用
MEASURE_NEEDED = 目錄中有其他指標值由「{ $name }」計算而來，變更後將不再成立：請先變更或停用 { $by }
SUPPLIED_MEASURE =
    { $key ->
        [first_reply_seconds] 首次回覆秒數
        [presale_first_reply_within_30s] 售前 30 秒內首次回覆
        [aftersale_resolved] 售後已解決
        [handling_seconds] 對話秒數
        [rating] 評分
        [solved] 已解決的紀錄
        [customers] 顧客數
        [buyers] 下單顧客數
        [orders] 訂單數
        [presale_records] 售前紀錄
        [conversion] 轉換率
        [order_value] 平均訂單金額
        [repeat_purchase_30d] 30 天內回購
        [second_conversion_7d] 首次諮詢後 7 天內轉換
        [complaints] 客訴數
        [complaint_rate] 客訴率
       *[other] { $key }
    }
SCHEME_TEMPLATE_UNKNOWN = 沒有名為「{ $name }」的考核方案範本：請從 { $names } 中選擇
TEMPLATE_TITLE =
    { $name ->
        [agent] 客服人員
        [operations] 商店營運
       *[service-manager] 客服主管
    }
TEMPLATE_ABOUT =
    { $name ->
        [agent] 適用於服務顧客的人員：工作量、首次回覆、解決、評分、轉換、服務抽檢與準時
        [operations] 適用於經營商店的人員：訪客、轉換、活動銷售額、單筆訂單成本與成長，全部為觀測值；不需要服務紀錄
       *[service-manager] 適用於帶領客服的人員，分為四個面向：服務品質、團隊、業務與創新
    }
NOBODY_TO_SCORE = 沒有可評分的人員：本期間沒有已歸屬的紀錄
PERSON_TWICE = 人員 { $person } 出現兩次
SCHEME_WITHOUT_DATA = 沒有任何人的任何考核指標可以評分，原因是沒有資料，或作為目標的中位數並未大於零（每張成績單都註明是哪一種）
SCHEME_WITHOUT_DATA_CURE = 請選用符合紀錄的考核指標與目標
MEASURE_NOT_SENT =
    沒有任何人有「{ $measure }」的資料，因此其考核指標對所有人都不計：{ $what ->
        [records] 沒有它所看的類型與時段的紀錄
        [known] 請隨服務紀錄傳送 { $column }
       *[column] 請隨服務紀錄傳送 { $column } 欄
    }
    .observation = 沒有任何人有「{ $measure }」的資料，因此其考核指標對所有人都不計：請傳送本期間的觀測值
    .past = 沒有任何人有「{ $of }」以往的值，因此「{ $measure }」的考核指標對所有人都不計：待此考核方案以往相同長度的考核週期發布後，即會計入
    .team = 沒有任何人有「{ $measure }」的資料，因此其考核指標對所有人都不計：所帶領的團隊中沒有人有{ $of }的資料
OBSERVATIONS_BEYOND_PERIOD = 「{ $measure }」有 { $count } 項觀測值超出 { $from } 至 { $to } 的期間，因此不計：觀測值只計入包含其所有日期的期間
OBSERVATIONS_UNREAD = 「{ $measure }」在本期間有 { $count } 項觀測值不計：此考核方案及其他使用中的方案都沒有考核指標讀取這項指標值
    .near = 「{ $measure }」在本期間有 { $count } 項觀測值不計：此考核方案及其他使用中的方案都沒有考核指標讀取這項指標值（是指 { $near } 嗎？）
INDICATOR_TOO_LARGE = 考核指標 { $indicator } 對所有人都不計，因為 { $people } 的數值過大，無法計算
    .apart = 考核指標 { $indicator } 對所有人都不計，因為各人的數值相差過大，無法計算
INDICATOR_TOO_LARGE_CURE = 請檢查金額與指標值的幣別和單位，或從 scheme.yaml 移除該考核指標
NUMBER_TOO_LARGE = 人員 { $person } 的分數過大，無法計算：請檢視考核方案的下限與上限
    .grades = 等第的配額過大，無法計算：請調小
    .unit = 單位 { $unit } 的數值過大，無法計算：請檢視其人員的成績單
    .pool = 獎金池的金額或份額過大，無法計算：請檢視金額與規則
    .part = 獎金池第 { $place } 部分的權重過大，無法計算：請檢視分數與規則
    .person = 人員 { $person } 的分數過大，無法計算獎金池第 { $place } 部分：請檢視該分數與規則
CARD_MEASURE =
    { $measure ->
        [credited_records] 歸屬紀錄數
        [first_reply_within_30s] 30 秒內首次回覆
        [resolved] 已解決
        [rating_at_least_4] 評分 4 分以上（滿分 5 分）
        [amount] 銷售額
       *[other] { $kpi }
    }
CARD_DEFINED = { $name }（{ $what }）
CARD_VALUE =
    { $kind ->
        [records] { $value } 筆
        [customers] { $value } 位顧客
        [percent] { $value }%
        [own] { $value } { $unit }
        [standard]
            { $value } { $unit ->
                [points] 分
               *[currency] { $unit }
            }
       *[bare] { $value }
    }
CARD_LINE_DROPPED =
    { $name }：{ $why ->
        [nobody] 本期間沒有任何人有資料，因此對所有人剔除
        [person] 此人沒有資料，因此在此剔除
        [too_large] 數值過大而無法計算，因此對所有人剔除
        [past] 此人沒有不為 0 的以往數值可供比較，因此在此剔除
        [too_large_elsewhere] 他人的數值過大而無法計算，或各人的數值相差過大，因此對所有人剔除
       *[target] 作為目標的中位數並未大於零，因此剔除
    }，其權重 { $weight } 依比例分攤到其他考核指標。
CARD_AGAINST = { $value }，對比 { $past }
CARD_PAST = { $measure }：{ $values }
CARD_PAST_VALUE = { $from } 至 { $to } 為 { $value }
CARD_LINE_NOT_SCORED = { $name }：未評分。
CARD_LINE =
    { $name }：{ $measured }{ $filled }；{ $points }{ $limit ->
        [cap] （上限）
        [floor] （下限）
       *[none] { "" }
    }；乘以權重 { $weight }%{ $spread ->
        [yes] （方案權重 { $scheme_weight }，加上剔除的考核指標所分攤的部分）
       *[no] { "" }
    }，得 { $weighted } 分。
CARD_MEASURED = { $records } 筆紀錄中為 { $value }
CARD_NOT_MEASURED = 未測得
CARD_SMALL_SAMPLE = ；不足 { $below } 筆，缺少的部分以平均（{ $group }）計，得 { $adjusted }
CARD_POINTS_BY_TARGET =
    對照目標 { $target }（{ $basis ->
        [scheme] 由考核方案訂定
        [team] 團隊 { $people } 人的中位數
       *[group] 團隊人數過少，取全體 { $people } 人的中位數
    }）得 { $points } 分
CARD_POINTS_BY_PLACE =
    { $by ->
        [target] 依目標
        [min_max] 依在全體最差與最好之間的位置
        [percentile] 依全體中不優於此人的百分比
        [t_score] 依與全體平均相差的標準差
       *[band] 依名次所在的分布級距
    }得 { $points } 分
CARD_CHANGE =
    { $kind ->
        [rate_more] 再提高 { $step } 個百分點
        [rate_less] 再降低 { $step } 個百分點
        [records_more] 再增加 { $step } 筆歸屬紀錄
        [records_fewer] 再減少 { $step } 筆歸屬紀錄
        [more] 再增加 { $amount }
       *[less] 再減少 { $amount }
    }
CARD_NEXT =
    { $effect ->
        [capped] { $change }不會加分：已達上限。
        [nothing] 僅{ $change }不會加分。
       *[points] { $change }可加 { $gain } 分。
    }
CARD_SUMMARY = 總分 { $score }，第 { $rank } 名（共 { $of } 人）{ $grade }{ $collaboration }。
CARD_GRADE = ，等第 { $grade }
CARD_COLLABORATION = ；其中協作 { $points } 分：{ $credited } 筆紀錄中有 { $outside } 筆在自己的班表或團隊之外
DEFINED =
    { $what }{ $few ->
        [yes] ，至少 { $min_count } 筆
       *[no] { "" }
    }{ $valid ->
        [between] ，{ $from } 至 { $to } 有效
        [from] ，自 { $from } 起有效
        [to] ，至 { $to } 止有效
       *[ever] { "" }
    }
DEFINED_RECORDS =
    { $aggregation ->
        [mean] { $value }的平均
        [sum] { $value }的總和
        [share] { $value }{ $test }的紀錄占比
        [count] 紀錄筆數
        [count_of] { $value }{ $test }的紀錄筆數
        [distinct] 顧客數
       *[distinct_of] { $value }{ $test }的紀錄之顧客數
    }{ $kinds }{ $hours }{ $session }
DEFINED_VALUE =
    { $value ->
        [first_reply_seconds] 首次回覆秒數
        [duration_seconds] 從開始到結束的秒數
        [resolved] 問題已解決
        [rating] 評分
        [amount] 銷售額
       *[column] { $value }
    }
DEFINED_GIVEN = 有值
DEFINED_TEST =
    { $is ->
        [at_most] 不超過 { $threshold }{ " " }
        [at_least] 不低於 { $threshold }{ " " }
        [below] 低於 { $threshold }{ " " }
        [above] 高於 { $threshold }{ " " }
       *[equal] 等於 { $threshold }{ " " }
    }
DEFINED_KINDS = ，類型為 { $kinds }
DEFINED_HOURS =
    ，{ $counts ->
        [begun] 開始於
       *[inside] 只計
    } { $from } 至 { $to }
DEFINED_SESSION = ，間隔不超過 { $minutes } 分鐘的同一次諮詢只計第一筆
DEFINED_OBSERVATION =
    { $subject ->
        [person] 人員
        [unit] 組織單位
        [account] 帳號
        [store] 商店
       *[campaign] 活動
    }觀測值{ $aggregation ->
        [sum] 的總和
        [mean] 的平均
       *[last] 的最後一筆
    }
DEFINED_RATIO =
    { $of } / { $per }{ $percent ->
        [yes] （百分比）
       *[no] { "" }
    }
DEFINED_SUM = { $parts }的總和
DEFINED_PART = { $factor } × { $of }
DEFINED_REPEAT = { $of }中，顧客在之前 { $days } 天內有{ $after }的占比
DEFINED_TREND = { $of }與此人以往相比的變化百分比
DEFINED_TEAM =
    { $aggregation ->
        [mean] 以每日團隊成員計算的{ $of }平均
        [share] 以每日團隊成員計算，{ $of }{ $test }的占比
       *[sum] 以每日團隊成員計算的{ $of }總和
    }
CARD_CHANGED = 更正前：{ $before } 更正後：{ $after }
CARD_CAME = 現在有成績單：{ $after }
CARD_WENT = 不再有成績單。更正前：{ $before }
CARD_CREDITED_CHANGED = 歸屬紀錄數：更正前 { $before }；更正後 { $after }。
CARD_LINE_CHANGED = { $name }：更正前 { $before }；更正後 { $after }。
CARD_LINE_CAME = { $name }：現在計入：{ $after }。
CARD_LINE_WENT = { $name }：不再計入：更正前 { $before }。
CARD_STANDING = { $measured }，{ $points } 分，以權重 { $weight }% 計為 { $weighted }
    .dropped = { $measured }，未評分
CARD_WORKED_OUT_ANEW = 總分相同；已依不同的數值重新計算。
LADDER_REFUND = { $refund } 是 { $sale } 的退款：歸屬與該紀錄相同，並沖減其金額
LADDER_BEGAN =
    於 { $at } 在 { $account } 開始，{ $phase ->
        [shared] 當日為共用帳號
        [mixed] 當日正由共用轉為實名
       *[named] 當日為實名帳號
    }。
LADDER_TAG_NONE = 標記：平台未標示客服。
LADDER_TAG_UNKNOWN = 標記：平台標示為「{ $agent }」，當日沒有任職中的此人，或不止一人。
LADDER_TAG = 標記：平台標示為「{ $agent }」，即 { $person }：紀錄歸其所有。
LADDER_NAMED_WITHOUT = 實名帳號只認標記和交接，而兩者皆無：未歸屬任何人。
LADDER_DUTY_NONE = 當班：當時沒有人持有帳號或當班。
LADDER_DUTY = 當班：{ $list }。
LADDER_DUTY_ANSWERED = 回覆時當班：{ $list }。
    .unheld = 當班：開始時沒有人持有帳號或當班；回覆時，{ $list }。
LADDER_ON_DUTY =
    { $person } { $rule ->
        [handover] 依交接持有
        [roster] 依班表當班
        [punch] 為其團隊成員，且已打卡
       *[team] 為其團隊成員
    }，{ $from } 至 { $to }［{ $evidence }］
LADDER_SHARES = { $before }、{ $share }
LADDER_BY_SESSION = 同一顧客同一次諮詢的另一筆紀錄標示了客服，這一筆隨之歸屬：{ $shares }。
LADDER_BY_TAG = 依標記歸屬：{ $shares }。
LADDER_BY_HANDOVER = 依交接只有一人持有帳號：{ $shares }。
LADDER_SOLE = 只有一人當班：{ $shares }。
LADDER_INFERRED = 多人當班；依誰正忙於其他紀錄以及各人的工作方式區分：{ $shares }。
LADDER_EQUAL = 多人當班，且可供區分的資訊太少，因此平均分攤：{ $shares }。
LADDER_TEAM = 此帳號完全沒有當班的證據，因此由其團隊分攤：{ $shares }。
LADDER_NOBODY = 因此未歸屬任何人。
LADDER_CONTRIBUTORS = 協作者：{ $list }。
LADDER_CONTRIBUTOR =
    { $role ->
        [first_answer] 首次回覆
        [closer] 促成成交
       *[after_sales] 售後服務
    }：「{ $agent }」，即 { $person }
LADDER_CONTRIBUTOR_UNKNOWN =
    { $role ->
        [first_answer] 首次回覆
        [closer] 促成成交
       *[after_sales] 售後服務
    }：「{ $agent }」，當日沒有任職中的此人，或不止一人
LADDER_SPLIT = 依角色歸屬，規則「{ $version }」：首次回覆 { $first_answer }、成交 { $closer }、售後 { $after_sales }；無人擔任的角色，其份額依比例歸其他角色：{ $shares }。
LADDER_BY_SPLIT = 依角色歸屬：{ $shares }。
LADDER_BY_CLAIM = 經點選認領：{ $shares }。
LADDER_CLICKED = { $person } 於 { $at } 點選。
LADDER_BY_DEVICE = 在裝置 { $device } 上服務，該裝置當時屬於一個人：{ $shares }。
LADDER_BY_REPLIES = 多人當班，且各自同時處理多個對話；依回覆時間區分：{ $shares }。
LADDER_BY_TAG_SHARE = 多人當班，且各自同時處理多個對話；依時間相近、標示了客服的紀錄分攤：{ $shares }。
LADDER_NOT_SPLIT = 政策未給所列角色任何份額：此紀錄視同沒有協作者來歸屬。
LADDER_WORTH = 此帳號預計約有 { $now } 的紀錄歸屬到他人；若休息也打卡，約 { $breaks }；若 30% 的回覆有裝置，約 { $devices }；若一半的紀錄經認領，約 { $claims }。這是依本月的不確定程度所做的預估，並非保證。
WHY = 是 { $first }（{ $part }%），而非 { $second }（{ $rest }%）：{ $what }。
WHY_AGAINST =
    { $why }{ $sign ->
        [hands] 距上一次回覆的間隔則較符合 { $second }。
        [thread] 此前的對話則較符合 { $second }。
        [profile] 回覆的類型則較符合 { $second }。
       *[device] 裝置則較符合 { $second }。
    }
WHY_SOMEBODY = 另一人
WHY_SECONDS = { $count } 秒
WHY_MINUTES = { $count } 分鐘
WHY_HOURS = { $count } 小時
WHY_DAYS = { $count } 天
WHY_HANDS = { $one }，{ $other }
    .short = { $one }，{ $other }，幾乎來不及再回覆一次
    .usual = { $one }，{ $other }，而這樣的間隔在 { $first } 較為常見
WHY_WROTE = { $who } 在 { $pause }前才回覆過
WHY_NOT_YET = { $who } 在 { $pause }前開始當班，尚未回覆過
WHY_THREAD = { $first } 很可能在 { $pause }前回覆過這位顧客
WHY_PROFILE = { $first } 比 { $second } 更常回覆等候了{ $wait }的顧客
    .first = { $first } 比 { $second } 更常首次回覆等候了{ $wait }的顧客
    .again = 在顧客沒有新訊息時，{ $first } 比 { $second } 更常在回覆{ $wait }後再次傳訊
    .unasked = { $first } 比 { $second } 更常主動傳訊給尚未留言的顧客
WHY_WAIT =
    { $class ->
        [0] 不到 5 分鐘
        [1] 5 至 20 分鐘
        [2] 20 至 60 分鐘
        [3] 1 至 4 小時
        [4] 4 至 24 小時
       *[other] 一天以上
    }
WHY_DEVICE = 書寫所用的裝置屬於 { $first }
    .same = { $first } 此前很可能在同一裝置上寫過
WHY_DUTY = 在其 { $all } 次回覆中，{ $first } 有 { $count } 次當班，{ $second } 有 { $other } 次
WHY_NAMES = 在前後一小時內標示了客服且當時當班的紀錄中，{ $first } 占 { $all } 筆中的 { $count } 筆，{ $second } 占 { $others } 筆中的 { $other } 筆
    .all = 在此帳號標示了客服且當時當班的紀錄中，{ $first } 占 { $all } 筆中的 { $count } 筆，{ $second } 占 { $others } 筆中的 { $other } 筆
WHY_TOGETHER = 並非由單一跡象決定，而是由其前後所有的回覆共同判斷
WHY_TOO_FEW_REPLIES = 無從區分：此帳號有回覆時間的紀錄太少，不足以學習。
WHY_TOO_DENSE = 無從區分：此帳號的回覆過於密集，單憑時間不足以判斷，而標示了客服、經認領或在已知裝置上回覆的紀錄又太少。
WHY_CLOCK_WITHOUT_SECONDS = 無從區分：此帳號的回覆時間沒有可信的秒數。
WHY_NO_REPLY_TIMES = 無從區分：每個人都可能同時處理多個對話，且沒有已知在其當班期間對此對話的回覆。
CREDIT_ACCOUNT_UNKNOWN = 出勤資料中沒有此帳號，其 { $records } 筆紀錄已略過
CREDIT_UNKNOWN_AGENT = { $records } 筆紀錄標示客服「{ $agent }」，當日沒有任職中的此人，或不止一人：視同未標示
CREDIT_NO_EVIDENCE = 完全沒有班表、打卡或交接：{ $records } 筆紀錄由其團隊分攤
CREDIT_NOBODY_ON_DUTY = { $records } 筆紀錄產生時無人當班：未歸屬任何人
CREDIT_TAG_OFF_DUTY = { $records } 筆紀錄標示 { $person }，其當時不當班：以標示為準
CREDIT_NAMED_WITHOUT_AGENT = 實名帳號的 { $records } 筆紀錄未標示客服：除依交接外，未歸屬任何人
CREDIT_MIXED_WITHOUT_TAG = 混用帳號的 { $records } 筆紀錄未標示客服：依共用帳號的方式歸屬
CONTRIBUTOR_UNKNOWN = { $records } 筆協作屬於「{ $agent }」，當日沒有任職中的此人，或不止一人：其份額歸其他協作者
CREDIT_CONTRIBUTOR_OFF_DUTY = { $records } 筆紀錄將 { $person } 列為協作者，而其在紀錄開始時不當班：以標示為準
CREDIT_CONTRIBUTORS_NOT_SPLIT = { $records } 筆紀錄列有協作者，而政策未給其角色任何份額：協作者予以保存，紀錄視同沒有協作者來歸屬
CREDIT_TOO_FEW_TO_INFER = { $records } 筆紀錄有多人當班，筆數太少而無法推斷：平均分攤
CREDIT_DID_NOT_SETTLE = 對 { $records } 筆紀錄的推斷未能收斂：平均分攤
CREDIT_SEVERAL_AT_ONCE = { $records } 筆紀錄有多人當班，且各自同時處理多個對話：平均分攤
CREDIT_TOO_FEW_REPLIES = { $records } 筆紀錄有回覆時間，但每人筆數太少，無法區分同時處理多個對話的人：由每次回覆時的當班者平均分攤
CREDIT_REPLIES_TOO_DENSE = { $records } 筆紀錄所在的帳號回覆過於密集，單憑時間無法區分各人，而有跡象顯示屬於誰的回覆不到十分之一：由每次回覆時的當班者平均分攤
CREDIT_EVIDENCE_UNEVEN = { $records } 筆紀錄沒有任何跡象顯示屬於誰，而此帳號上有些人署名、認領或在已知裝置上回覆的比例遠高於他人，其中 { $person } 最少：依各人未表明的程度加權
    .equal = { $records } 筆紀錄沒有任何跡象顯示屬於誰，而此帳號上有些人認領或在已知裝置上回覆的比例遠高於他人，其中 { $person } 最少：平均分攤；若 { $person } 的工作量與他人相當，則分得偏少
CREDIT_CLOCK_WITHOUT_SECONDS = { $records } 筆紀錄的回覆中，超過十分之一落在整分，因此其時鐘不可信：由每次回覆時的當班者平均分攤
CREDIT_CLAIM_OFF_DUTY = { $person } 在不當班時認領了 { $records } 個對話：認領不計
CREDIT_CLAIM_WITHOUT_RECORD = { $person } 認領了 { $records } 個沒有紀錄的對話：認領不計
CREDIT_CLAIMS_DIFFER =
    { $person } 於 { $at } 認領了 { $record }，而 { $second } 已於 { $before } 認領：兩者皆不作為依據{ $more ->
        [0] { "" }
       *[other] 。當日另有 { $more } 筆紀錄也是如此
    }
    .tag =
        { $person } 於 { $at } 認領了 { $record }，而平台標示的是 { $second }：以標示為準{ $more ->
            [0] { "" }
           *[other] 。當日另有 { $more } 筆紀錄也是如此
        }
CREDIT_DEVICE_OFF_DUTY = { $person } 的裝置 { $device } 在其不當班時使用了 { $records } 次：不計
    .there = { $person } 的裝置 { $device } 使用了 { $records } 次，而其當時在 { $place } 當班：不計
    .elsewhere = 從未在此處當班者的裝置 { $device } 使用了 { $records } 次：不計
DEVICE_BOUND_TO_SEVERAL = 自 { $from } 起，裝置 { $device } 同時屬於多個人或座位：登記予以保留，但在其上所寫的內容不能說明屬於誰
    .ever = 裝置 { $device } 從一開始就同時屬於多個人或座位：登記予以保留，但在其上所寫的內容不能說明屬於誰
CREDIT_DEVICE_OF_SEVERAL =
    裝置 { $device } 同時屬於 { $more ->
        [0] { $first } 和 { $second }
       *[other] { $first }、{ $second } 及另外 { $more } 人
    }，使用了 { $records } 次：不計
    .beyond = 裝置 { $device } 同時屬於 { $person } 和一位從未在此處當班的人，使用了 { $records } 次：不計
    .unknown = 裝置 { $device } 同時屬於多人，使用了 { $records } 次：不計
DEVICE_OF_NOBODY =
    { $devices ->
        [1] 未登記給任何人的裝置 { $device } 使用了 { $records } 次
       *[other] 未登記給任何人的 { $devices } 部裝置（例如 { $device }）使用了 { $records } 次
    }：只能看出哪些內容出自同一人之手
    .near = 未登記給任何人的裝置 { $device } 使用了 { $records } 次，而已登記的 { $near } 從未使用：是否應為後者？
    .seat = 座位 { $seat } 的裝置 { $device } 使用了 { $records } 次，而當時該座位無人排班：當時不屬於任何人
    .ended = 裝置 { $device } 在其登記的最後一天 { $to } 之後使用了 { $records } 次：當時不屬於任何人
    .coming = 裝置 { $device } 在其登記的第一天 { $from } 之前使用了 { $records } 次：當時不屬於任何人
EVIDENCE_NOT_READ = 政策第 { $version } 版不讀取認領、裝置或訊息時間。此帳號本月有：認領 { $claims } 次；有訊息時間的紀錄 { $replies } 筆；紀錄或訊息所指的裝置 { $devices } 部
CREDIT_REPLY_OUTSIDE_RECORD = { $records } 次回覆早於其紀錄的開始或晚於其結束：不計
BREAKS_NOT_PUNCHED = { $people } 人共有 { $days } 個工作日的當班時段毫無間斷，其中卻有兩小時以上幾乎沒有其工作，而他人在工作。若休息也打卡，預計此帳號約有 { $breaks } 的紀錄歸屬到他人，而不是約 { $now }
CREDIT_CLOCKS_APART = { $records } 筆紀錄的訊息所用的時鐘，比紀錄的時鐘快 { $minutes } 分 { $seconds } 秒：讀取時相應提早
    .behind = { $records } 筆紀錄的訊息所用的時鐘，比紀錄的時鐘慢 { $minutes } 分 { $seconds } 秒：讀取時相應延後
AMOUNTS_CONVERTED =
    { $records } 筆紀錄的金額由 { $from } 換算為 { $to }，每筆依其當地日期的匯率換算，並只捨入一次：{ $rates }{ $more ->
        [0] { "" }
       *[other] { " " }及另外 { $more } 個
    }
REFUND_EXCEEDS_SALE =
    有 { $sales } 筆銷售的退款超過其銷售金額，因此計為負數：{ $named }{ $more ->
        [0] { "" }
       *[other] { " " }及另外 { $more } 筆
    }
REGION_SAME = 傳輸的目的地須為 { $region } 以外的區域
REPORT_NOT_A_MONTH = 報表以一個曆月為準，而考核週期自 { $from } 至 { $to }：請建立一個月的考核週期
NOTHING_TO_TELL = 沒有可以提供資料的單位：各單位都不足五人，或可由相減推知不足五人的資料
TRANSFER_NOT_PREPARED =
    此傳輸的狀態已為：{ $stage ->
        [prepared] 待核准
        [approved] 已核准
        [released] 已放行
        [withdrawn] 已撤回
       *[rejected] 已駁回
    }
TRANSFER_NOT_APPROVED = 此傳輸正待他人核准
TRANSFER_DROPPED =
    此傳輸{ $stage ->
        [withdrawn] 已撤回
       *[rejected] 已駁回
    }：請另行準備
TRANSFER_RELEASED = 此傳輸已放行：已提供的內容無法收回
TRANSFER_STALE = 其間已放行同一月份的另一份報表，兩者合併會顯示不足五人的資料：請重新準備
TRANSFER_MALFORMED = 這不是此處所需的檔案，或不完整：請完整傳送 ReleaseTransfer 或 ExportStandard 提供的檔案
TRANSFER_SIGNATURE_WRONG = 檔案並非由 { $region } 的系統簽章：可能已遭更動，或此處缺少其新的公開金鑰
REGION_KEY_UNKNOWN = 此處沒有 { $region } 的公開金鑰：請將其 performance.pub 放入金鑰資料夾，命名為 regions/{ $region }.pub
TRANSFER_OF_ANOTHER_GROUP = 此檔案屬於另一個集團
TRANSFER_ALREADY_EXISTS = 此檔案先前已匯入
TRANSFER_KIND_EXPECTED = 請指明要傳輸什麼：報表或名錄

## Compensation

CYCLE_NOT_PUBLISHED = 分數仍可能變動：請先發布考核週期
    .report = 考核週期尚未發布：報表只提供確定的結果
    .correct = 考核週期尚未發布，因此沒有可更正的：請重新結帳，即會讀取目前有效的資料
RESULT_VERSION_UNKNOWN = 考核週期沒有這個版本的結果，或當時尚未發布：請用 ListCardVersions 查詢版本
VERSION_TWICE = 請填寫版本或時間點，擇一即可
CYCLE_CORRECTION_UNDERWAY = 此考核週期的更正 { $cycle } 尚未發布，而其原因或考核方案版本不同：請以其內容再次申請以重新計算、將它發布（PublishCycle），或將它作廢（CancelCycle）後再申請
CORRECTION_CHANGES_NOTHING = 每張成績單都與已發布的相同，因此沒有可發布的：請將更正作廢（CancelCycle）；待考核週期所依據的資料改正之後，再行申請
ACCOUNTS_EXPECTED = 請至少填寫一個帳號，最多 { $most } 個
ACCOUNT_UNKNOWN_HERE = 沒有您可以查詢的帳號 { $account }：請用 ListAccounts 查詢識別碼
UNIT_UNKNOWN_HERE = 在歸屬運算的範圍內沒有單位 { $unit }：請用 ListOrgUnits 查詢識別碼，或請人為上層單位執行歸屬運算
ACCOUNTS_OR_SCHEME = 帳號或考核方案只能擇一：請移除其中一項
POOL_WITHOUT_PEOPLE = 獎金池沒有可發放的人：考核週期中沒有獎金池所屬單位的成績單
POOL_OUTSIDE_CYCLE = 獎金池須屬於其考核週期的單位或其下層單位：請填寫這樣的單位；若為考核週期的單位，則不必填寫
PAY_OUTSIDE_UNIT = 有 { $count } 人在考核週期中有成績單，但在考核週期的最後一天不屬於獎金池的單位：{ $people }。單位只發放給自己的人員：請以不含這些人的考核對象對考核週期結帳
    .correction = 有 { $count } 人在考核週期中有成績單，但在考核週期的最後一天不屬於獎金池的單位：{ $people }。單位只發放給自己的人員：請先更正考核週期（CorrectCycle），再重新草擬這項更正
POOL_NEGATIVE = 獎金池不可為負：請填寫 0 以上的金額；獎金池不能用來收回款項
ZERO_SCORES = 沒有人的分數大於零，無從分配：請先檢視考核週期的成績單
PART_WITHOUT_CLAIM = 獎金池的第 { $place } 部分無人可得：沒有分數達到有權重的級別或其下限；請變更該部分的規則
SETTLEMENT_NOT_DRAFT =
    結算的狀態為{ $stage ->
        [draft] 草稿
        [approved] 已核准
        [posted] 已入帳
       *[discarded] 已作廢
    }，不是草稿
SETTLEMENT_NOT_APPROVED =
    結算的狀態為{ $stage ->
        [draft] 草稿
        [approved] 已核准
        [posted] 已入帳
       *[discarded] 已作廢
    }；只有已核准的結算可以入帳
SETTLEMENT_POSTED = 已入帳的結算不再變動：請草擬其更正，差額由下一次結算支付
SETTLEMENT_NOT_POSTED =
    結算的狀態為{ $stage ->
        [draft] 草稿
        [approved] 已核准
       *[discarded] 已作廢
    }，而只有已入帳的結算可以更正：請將它作廢並重新草擬
PAY_CORRECTION_WAITS = 此結算的更正 { $correction } 正待核准：請先核准或撤回該更正
NOTHING_TO_CORRECT = 依目前的成績單，每個人的所得都與此結算及其更正相同：請先更正考核週期，否則沒有可改正的
PAY_CORRECTION_NOT_DRAFT =
    此更正{ $stage ->
        [approved] 已核准
       *[withdrawn] 已撤回
    }，不是草稿
DELTAS_WAIT_NOW = 待結算的差額只能依目前情況查詢：請移除 known_at 或 waiting_only
CORRECTION_REASON_MISSING = 請說明原因：每張結算單都會顯示
POOL_THERE = 此考核週期已有名稱、金額與規則相同的獎金池 { $pool }：請以它結算；若確有另一筆相同的款項，請為這個獎金池另取名稱
POOL_PAID = 獎金池 { $pool } 已有結算入帳，而一個獎金池只發放一次：請將其他結算作廢；若另有款項要發放，請以其他名稱建立獎金池
CARRY_MOVED = 在草擬之後，另有結算入帳或更正核准，尾差已變動：請重新草擬
DELTA_SCORE = 分數由 { $old } 更正為 { $new }
DELTA_AGAINST =
    { $by ->
        [fell] 自己的分數由 { $old } 更正為 { $new }，但他人的分數下降更多，合計由 { $others_old } 變為 { $others_new }：因此在獎金池的份額增加
        [rose] 自己的分數由 { $old } 更正為 { $new }，但他人的分數上升更多，合計由 { $others_old } 變為 { $others_new }：因此在獎金池的份額減少
        [less] 自己的分數由 { $old } 更正為 { $new }，他人的分數合計由 { $others_old } 變為 { $others_new }：依獎金池的規則，份額仍然減少
       *[more] 自己的分數由 { $old } 更正為 { $new }，他人的分數合計由 { $others_old } 變為 { $others_new }：依獎金池的規則，份額仍然增加
    }
DELTA_ADDED = 新增分數 { $score }
DELTA_REMOVED = 收回分數 { $score }
DELTA_OTHERS = 他人的分數已更正，而獎金池由所有人分配
POOL_WITHOUT_PARTS = 至少須有一個部分
SHARES_NOT_WHOLE = 各份額合計為百萬分之 { $sum }，而不是恰好 1000000
PART_OF_NOTHING = 份額為零的部分：請移除
PART_RULE_MISSING = 請指明這個部分如何分配：tiers、proportional 或 team_fund
PART_WITHOUT_TIERS = 至少須有一個級別
TIERS_OUT_OF_ORDER = 請從最好的級別寫起，min_score 逐級遞減
TIERS_MIXED = 請為每個級別都填寫 min_score，或都填寫配額
TIERS_WITHOUT_WEIGHT = 所有權重都是零，因此無人可得
TIER_WEIGHTS_OUT_OF_ORDER = 較差的級別權重高於較好的級別
STATEMENT_AMOUNT =
    分數 { $score }，發放 { $paid }；與平均分配的 { $equal } 相比，{ $than ->
        [less] 少 { $difference }
        [same] 相同
       *[more] 多 { $difference }
    }。
STATEMENT_WITHOUT_TIER = 第 { $number } 部分（獎金池的 { $share }，{ $part }），依級別：分數未達任何級別，因此為 { $amount }。
STATEMENT_TIER_WITHOUT_WEIGHT = 第 { $number } 部分（獎金池的 { $share }，{ $part }），依級別：級別 { $tier } 沒有權重，因此為 { $amount }。
STATEMENT_NOT_ABOVE_FLOOR = 第 { $number } 部分（獎金池的 { $share }，{ $part }），依分數比例：分數未高於 { $floor }，因此為 { $amount }。
STATEMENT_PART = 第 { $number } 部分（獎金池的 { $share }，{ $part }），{ $claim }，全體合計 { $sum }；{ $major } × { $weight } / { $sum } = { $rounded }{ $carried }；因此為 { $amount }。
STATEMENT_BY_TIER = 依級別：級別 { $tier } 的權重為 { $weight }
STATEMENT_ABOVE_FLOOR = 依超過 { $floor } 的分數比例：{ $points } 分
STATEMENT_BY_SCORE = 依分數比例：{ $points } 分
STATEMENT_EXACT = { $whole }，恰好除盡
STATEMENT_ROUNDED =
    { $whole } 又 { $smallest } 的 { $fraction }；{ $units } 個 { $smallest } 的尾差中，{ $came ->
        [yes] 有一個分配到此
       *[no] 沒有分配到此
    }
STATEMENT_CARRIED = ；前期結轉 { $before }，轉入後期 { $after }

## The bundle: what is said of files, rows and settings. A reason and its cure are two cells of rejected.csv

UNUSABLE = { $file }：{ $problem }。{ $cure }。
SEVERAL_PROBLEMS = { $problems }
REASON_ALSO = { $reason }；另外 { $column }：{ $more }
AND_MORE_ROWS = 此檔案還有 { $count } 列遭剔除
AND_MORE_ROWS_CURE = 請先改正以上各列：其餘多半出於相同的原因
AND_MORE_FINDINGS = 還有更多同類的發現事項
FIRST_REJECTED = 第 { $line } 行{ $column }：{ $reason }（{ $cure }）
FIRST_REJECTED_COLUMN = ，{ $column } 欄
EVERY_ROW_REJECTED = ；每一列都遭剔除：{ $first }
ROWS_REJECTED = ；有 { $count } 列遭剔除，第一列為：{ $first }
HINT_NEAR = ；是指 { $near } 嗎？
HINT_MEANT = （是指 { $near } 嗎？）
HINT_MEANT_AS = （{ $near } 是否指 { $column }？）
HINT_THERE_IS = （有 { $near }）
NO_FOLDER = 無法作為資料夾讀取（{ $error }）
NO_FOLDER_CURE = 請提供存放 people.csv、accounts.csv 和 records.csv 的資料夾
MISSING_FILE = { $folder } 中沒有此檔案{ $hints }
MISSING_FILE_CURE = 請以完全相同的名稱加入此檔案；docs/bundle.md 說明了每個檔案
NOT_A_FILE = 這不是檔案
NOT_A_FILE_CURE = 請在此處放入 CSV 或 YAML 檔案
UNREADABLE = 無法讀取（{ $error }）
UNREADABLE_CURE = 請檢查檔案及其權限
UNKNOWN_FILE = 沒有任何程式會讀取此檔案{ $hint }
EMPTY_OPTIONAL_FILE = 檔案為空，已略過
THE_PERIOD = 期間
PERIOD_BACKWARDS_CURE = 請對調 --from 與 --to
PERIOD_HALF = 缺少起訖兩端中的一端
PERIOD_HALF_CURE = 請同時提供 --from 與 --to，或都不提供
PERIOD_OF_DAYS = 期間有 { $days } 天，而一次最多結帳 { $most } 天
PERIOD_OF_DAYS_CURE = 請分段結帳
TEAM_WITHOUT_PEOPLE = people.csv 中沒有人屬於其團隊 { $team }
BRANCH_WITHOUT_PEOPLE = people.csv 中沒有人屬於此分公司
TOO_LARGE_SETTINGS = 超過 1 MiB
TOO_LARGE_SETTINGS_CURE = 設定只是一頁文字：請確認用這個名稱的是正確的檔案
NOT_VALID_TEXT = 不是有效的文字
NOT_VALID_TEXT_CURE = 請另存為 UTF-8
ZERO_BYTES = 含有零位元組，而 CSV 或 YAML 檔案不會有
ZERO_BYTES_CURE = 請重新匯出為 UTF-8 的 CSV（試算表檔案不是 CSV 檔案）
UNKNOWN_ENCODING = 其文字既不是 UTF-8、UTF-16，也不是 GBK（看起來像 { $encoding }）
BAD_YAML = 不是有效的 YAML：{ $cause }（剖析器訊息：「{ $said }」）
    .at = 第 { $line } 行第 { $column } 欄不是有效的 YAML：{ $cause }（剖析器訊息：「{ $said }」）
YAML_KEY_TWICE = 鍵 { $key } 出現兩次
    .lines = 鍵 { $key } 出現兩次，分別在第 { $first } 行和第 { $second } 行
YAML_TAB = 只能用空格之處出現了定位字元（Tab）
YAML_NOT_CLOSED = 有方括號、大括號或引號未關閉
YAML_NO_VALUE = 該處應有一個值
YAML_BAD_START = 值不能以此符號開頭：請將文字加上引號
YAML_SIGN = 以 &、* 或 ! 開頭的文字會視為參照或標籤：請加上引號
YAML_ESCAPE = 雙引號中的反斜線代表特殊字元：請寫兩個反斜線，或改用單引號
YAML_STRUCTURE = 該處的鍵、冒號或縮排不正確
YAML_OTHER = 該處無法讀取
BAD_YAML_CURE = 請改正該處的 YAML：每一層縮排兩個空格，每個冒號後空一格
YAML_KEY_TWICE_CURE = 請保留正確的一個，刪除另一個
YAML_NUMBER_TOO_LARGE = 有一個數字過大，無法讀取（剖析器訊息：「{ $said }」）
YAML_NUMBER_TOO_LARGE_CURE = 請填寫較小的數字
YAML_UNSEEN = 第 { $line } 行含有看不見的字元 { $character }
YAML_UNSEEN_CURE = 請刪除該字元，或重新輸入該行
INVALID_SETTINGS_CURE = 請更正這些值；docs/bundle.md 有範例

## The bundle: tables

EMPTY_FILE = 檔案為空
EMPTY_FILE_CURE = 請填寫：第一行為 { $header }
NOT_CSV = 不是含標題列的 CSV 檔案：{ $why }
NOT_CSV_CURE = 請匯出為 CSV；第一行為 { $header }
    .named = 請刪除 `sep=` 那一行，或以同一種分隔符號重新儲存檔案
NOT_CSV_NO_END = 第一行沒有結尾，或其中的引號未關閉
NOT_CSV_NO_TEXT = 第一行不是文字
NOT_CSV_NO_COLUMN = 第一行沒有任何一個所需的欄名
    .named_not = 第一行寫著 `sep={ $named }`，而下方的標題列以 `{ $sign }` 分隔
    .named_not_tab = 第一行寫著 `sep={ $named }`，而下方的標題列以定位字元（Tab）分隔
CONVERTED_ENCODING = 以 { $encoding } 讀取，並轉換為 UTF-8
SEPARATED_BY_TAB = 各欄以定位字元（Tab）分隔
SEPARATED_BY_SIGN = 各欄以符號 { $sign } 分隔
SEPARATED_BY_SEMICOLON = 各欄以分號分隔
LINE_TOO_LONG = 該行超過 1 MiB
LINE_TOO_LONG_CURE = 請檢查換行在何處遺失
TOO_MANY_CELLS = 有 { $cells } 個儲存格，而標題列有 { $columns } 個
TOO_MANY_CELLS_CURE = 含有逗號或引號的儲存格，請以雙引號括住
NOT_TEXT_IN_ENCODING = 含有不屬於檔案編碼的位元組
UNSEEN_CHARACTER = 含有看不見的字元 { $character }
UNSEEN_CHARACTER_CURE = 請刪除：重新輸入該儲存格，或在匯出的程式中清理該欄
OPEN_QUOTE = 其中的引號開啟了儲存格，卻未在該處關閉
OPEN_QUOTE_CURE = 儲存格內的引號請寫兩次，例如 "5"" 螢幕"
UNBALANCED_QUOTES = 有非常多處的引號不成對，最後一處在第 { $line } 行
UNBALANCED_QUOTES_CURE = 請重新匯出為 CSV：儲存格內的引號要寫兩次
COLUMN_TWICE = { $column } 欄出現兩次
    .names = { $column } 欄出現兩次，分別為「{ $one }」和「{ $other }」
COLUMN_TWICE_CURE = 請只保留其中一欄，或為另一欄改名
MISSING_COLUMNS = 標題列沒有 { $columns } 欄{ $hints }
MISSING_COLUMNS_CURE = 請加上；完整的標題列為 { $header }
MISSING_KIND_CURE = 請加上；完整的標題列為 { $header }；或在 group.yaml 寫上 `punches: alternating` 或 `punches: first_last`
MISSING_COLUMN = 沒有這一欄：每一列都視為空白
UNKNOWN_COLUMN = 沒有任何程式會讀取此欄{ $hint }
EQUAL_ROWS = 相同的列只計一次（略過 { $count } 列）

## The bundle: cells

IT_IS_EMPTY = 為空白
IT_IS_EMPTY_CURE = 請填寫
TOO_MANY_CHARACTERS = 超過 { $most } 個字元
TOO_MANY_CHARACTERS_CURE = 請縮短
TOO_MANY_MEASURES = 除已知的欄以外，這一列的指標值超過 { $most } 項
TOO_MANY_MEASURES_CURE = 請移除不用於衡量的欄
NO_TIME_ZONE = 「{ $text }」不是時區
NO_TIME_ZONE_CURE = 請填寫 IANA 名稱，例如 Asia/Shanghai
STANDS_FOR_NO_VALUE = 「{ $text }」表示沒有值
STANDS_FOR_NO_VALUE_CURE = 請填寫編號；若沒有編號，請移除這一列
FORMULA_FAILED = 「{ $text }」是試算表在公式出錯時的顯示內容，不是值
FORMULA_FAILED_CURE = 請改正公式，或從來源匯出該欄；只有在確實沒有值時才留空
NEITHER_YES_NOR_NO = 「{ $text }」既不是「是」也不是「否」
NEITHER_YES_NOR_NO_CURE = 請填寫 true、false、1、0、yes、no、是 或 否，或留空
NO_SMALL_COUNT = 「{ $text }」不是 1 至 1000 的整數
NO_SMALL_COUNT_CURE = 請填寫這樣的數字
IT_IS_NEGATIVE = 為負數
IT_IS_NEGATIVE_CURE = 請填寫 0 以上的數字，或留空
NUMBER_ABOVE_RANGE = { $text } 過大
NUMBER_ABOVE_RANGE_CURE = 請填寫 0 至 { $most } 的數字；若未測量，請留空
NO_NUMBER = 「{ $text }」不是數字
    .comma = 「{ $text }」含有逗號，而 group.yaml 沒有 `numbers` 時，數字用小數點且不加千分位
    .exponent = 「{ $text }」用了指數寫法，數字不可如此書寫
NO_NUMBER_CURE = 請填寫含小數點的數字，例如 12.5；若未測量，請留空
    .needed = 請填寫含小數點的數字，例如 12.5，或移除這一列
NEGATIVE_AMOUNT = 金額 { $text } 為負數
NEGATIVE_AMOUNT_CURE = 退款請另寫一列，金額為負數，並在 refers_to 填寫該筆銷售的 external_id；否則請將儲存格留空
NO_AMOUNT = 「{ $text }」不是金額
NO_AMOUNT_CURE = 請填寫含小數點的數字，例如 1234.50，不加貨幣符號；或在 group.yaml 說明數字的寫法：1,234.50 為 `numbers: { "{" }decimal: ".", grouping: ","{ "}" }`，1.234,50 為 `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
    .yaml = 請填寫含小數點的數字，例如 1234.50，不加貨幣符號，也不加千分位
AMOUNT_DECIMALS = { $text } 的小數位數多於 { $currency } 的規定（{ $digits }）
    .told = { $text } 的小數位數多於 { $currency } 的規定（{ $digits }）：group.yaml 指明「{ $sign }」之後為小數
AMOUNT_DECIMALS_CURE = 請捨入到該貨幣的最小單位；若 1.234 是指一千二百三十四，請在 group.yaml 說明：`numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
    .either = 請依實際所指填寫 { $whole } 或 { $decimal }
    .round = 請捨入到該貨幣的最小單位
    .whole = 若是指 { $whole }，請如此填寫，否則請捨入到該貨幣的最小單位
HUGE_AMOUNT = 金額 { $text } 過大
HUGE_AMOUNT_CURE = 請檢查單位：應為主要單位（例如元）
NO_DATE = 「{ $text }」不是日期
NO_DATE_CURE = 請填寫年-月-日，例如 2026-03-02
NO_TIME = 「{ $text }」不是時間
NO_TIME_CURE = 請填寫 2026-03-02 09:00:00，或加上時差 2026-03-02T09:00:00+08:00
TIME_BEYOND_RANGE = 時間超出範圍
TIME_BEYOND_RANGE_CURE = 請檢查年份
TIME_SKIPPED = { $zone } 沒有 { $time } 這個時間：時鐘從 { $before } 撥快到 { $after }
TIME_SKIPPED_CURE = 請在時間加上時差，例如 { $time }{ $offset }
THAT_ZONE = 該時區
MAY_BE_GROUPED = 「{ $text }」可能是小數，也可能是含千分位的數字
GROUPED_BY_SPACE = 「{ $text }」的數字之間有空格
GROUPED_BY_SPACE_CURE = 請移除空格，或在 group.yaml 說明數字的寫法：1 234,50 為 `numbers: { "{" }decimal: ",", grouping: space{ "}" }`，1 234.50 為 `numbers: { "{" }decimal: ".", grouping: space{ "}" }`
MAY_BE_GROUPED_CURE = 請在 group.yaml 說明數字的寫法，例如 `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
NOT_AS_GROUP_YAML = 「{ $text }」的寫法與 group.yaml 的說明不符
NOT_AS_GROUP_YAML_CURE = 小數點請寫「{ $decimal }」，不加千分位，或更正 group.yaml 的 `numbers`
    .grouped = 小數點請寫「{ $decimal }」，千分位請寫「{ $grouping }」，或更正 group.yaml 的 `numbers`
    .spaced = 小數點請寫「{ $decimal }」，千分位之間請空一格，或更正 group.yaml 的 `numbers`

## The bundle: people, accounts, aliases

SHORTENED_NUMBER = { $text } 是被試算表截短成前幾位的數字
EXPORT_AS_TEXT = 請將該欄匯出為文字
EMPTY_SEGMENT = 「{ $text }」中有一層為空
EMPTY_SEGMENT_CURE = 路徑請用單一斜線，分公司在最前，例如 East/Chat/Team 1
TOO_DEEP = 深達 { $depth } 層單位
TOO_DEEP_CURE = 最多填寫 { $most } 層單位，分公司在最前
EMPLOYMENT_BACKWARDS = 任職結束日 { $left } 早於開始日 { $hired }
EMPLOYMENT_BACKWARDS_CURE = 請更正日期；left_on 是最後工作日
NO_PEOPLE = 沒有列出任何人員{ $why }
NO_PEOPLE_CURE = 請為每個人加一列
NAMES_DIFFER = 第 { $lines } 行的員工編號同為 { $number }，姓名卻不同
NAMES_DIFFER_CURE = 請給每個人各自的員工編號，或在該編號的每一列填寫相同的姓名
ZONES_DIFFER = 第 { $lines } 行的員工編號同為 { $number }，時區卻不同
ZONES_DIFFER_CURE = 請在該編號的每一列填寫相同的時區：一個人只有一個時區
EMPLOYMENTS_OVERLAP = 第 { $lines } 行的員工編號同為 { $number }，而日期重疊：{ $one } 與 { $other }
EMPLOYMENTS_OVERLAP_CURE = 每個人只保留一列，或讓各筆任職的日期互不重疊：left_on 是其最後一天
DAYS = { $from } 至 { $to }
TWO_LINES = { $one }、{ $other }
NO_END = 無結束日
MOVED = { $before } 至 { $until }；{ $after } 自 { $from } 起
NO_ACCOUNTS = 沒有列出任何帳號{ $why }
NO_ACCOUNTS_CURE = 請為每個平台帳號加一列
ACCOUNT_ROWS_DIFFER = 此帳號各列的 zone、team 或 exclusive 不同
ACCOUNT_ROWS_DIFFER_CURE = 請在其所有列填寫相同的內容
PHASES_ON_ONE_DAY = 此帳號有兩個階段從同一天開始
PHASES_ON_ONE_DAY_CURE = 請給每個階段各自的第一天
SLASH_IN_NAME = 「{ $text }」含有斜線
SLASH_IN_NAME_CURE = 平台、商店和帳號請不要使用斜線
NO_EMPLOYMENT_KIND = 「{ $text }」不是僱用類型
NO_EMPLOYMENT_KIND_CURE = 請填寫 full_time、part_time、fixed_term、intern、agency、outsourced 或 freelance，或將儲存格留空
NO_CONTRIBUTORS = 「{ $text }」未列出協作者
    .role = 「{ $text }」未列出協作者：「{ $role }」不是角色
    .twice = 「{ $text }」中 { $named } 出現兩次
    .many = 「{ $text }」所列的協作者超過一筆紀錄最多可有的 { $max } 位
NO_CONTRIBUTORS_CURE = 請填寫 角色=員工編號，多位之間以 ; 分隔，角色為 first_answer、closer 和 after_sales，例如 first_answer=A001;closer=A007
    .twice = 請移除其中之一：每個人在一個角色中只有一份；aliases.csv 的別名與員工編號指同一人時也是如此
    .many = 請減少到最多 { $max } 位
POLICY_SPLIT = 請填寫 version，以及合計為 100 的百分比 first_answer、closer 和 after_sales
NO_PHASE = 「{ $text }」不是階段
NO_PHASE_CURE = 請填寫 shared、mixed 或 named
CORRECT_THE_DATES = 請更正日期
ALIAS_IS_A_NUMBER = { $alias } 是另一個人的員工編號
ALIAS_IS_A_NUMBER_CURE = 含有它的紀錄會讀成那個人：請更改別名
ALIAS_OF_TWO = { $alias } 在同一時間屬於兩個人
ALIAS_TWICE = 有數列將 { $alias } 給同一人，而日期重疊
ALIAS_OF_TWO_CURE = 請為每一列填寫互不重疊的起訖日期
DEVICE_OF_NOTHING = 員工編號和座位都未填，不知該裝置屬於誰
DEVICE_OF_BOTH = 同時填寫了人員（employee_no）和座位
DEVICE_OF_BOTH_CURE = 請填寫員工編號或座位，另一項留空
DEVICE_TWICE = 有數列自同一日起將 { $device } 給同一人或同一座位，而結束日不同

## The bundle: whom and what a row means

NOT_IN_PEOPLE = { $number } 不在 people.csv 中
NOT_IN_PEOPLE_CURE = 請在 people.csv 加入此人，或更正員工編號
ROWS_OF_NUMBER_REJECTED = people.csv 中 { $number } 的各列已遭剔除
ROWS_OF_ACCOUNT_REJECTED = accounts.csv 中 { $account } 的各列已遭剔除
ROWS_OF_RECORD_REJECTED = records.csv 中 { $account } 的紀錄 { $record } 的各列已遭剔除
ROWS_OF_ALIAS_REJECTED = aliases.csv 中 { $platform } 的別名 { $alias } 的各列已遭剔除
ROWS_REJECTED_CURE = 請先改正那些列：rejected.csv 逐列寫明改正方法
NAME_FOR_NUMBER = { $text } 是姓名，而此處應為員工編號（是指 { $near } 嗎？）
NAME_FOR_NUMBER_CURE = 請填寫員工編號：只有在 records.csv 的 agent 和 contributors 欄，別名才可代替編號
    .agent = 請填寫員工編號，或在 aliases.csv 加入別名
LOST_ZEROS = { $text } 不在 people.csv 中（是指 { $near } 嗎？）
LOST_ZEROS_CURE = 試算表會去除開頭的零：請將該欄匯出為文字
GROUPED_NUMBER = { $text } 不在 people.csv 中（是指 { $near } 嗎？）
GROUPED_NUMBER_CURE = 試算表為數字加上了千分位：請將該欄匯出為文字
ONE_OF_TWO = { $one } 或 { $other }
SEVERAL_STORES = 有數個商店都有帳號 { $account }
SEVERAL_STORES_CURE = 請寫成 平台/商店/帳號
ACCOUNT_UNKNOWN_CURE = 請在 accounts.csv 加入此帳號，或更正名稱
UNKNOWN_AGENT = { $agent } 既不在 people.csv 中，也不是 { $platform } 的別名
ALIAS_NOT_THEN = { $platform } 的別名 { $agent } 不涵蓋 { $day }
UNKNOWN_AGENT_CURE = 請在 people.csv 加入此人，或在 aliases.csv 加入別名，或將 agent 留空

## The bundle: records and duty

NO_RECORD_USABLE = 沒有可用的紀錄{ $why }
NO_RECORD_IN_PERIOD = 沒有紀錄在 { $from } 至 { $to } 之間開始{ $others }{ $why }
RECORDS_OUTSIDE = （有 { $count } 筆在此之外）
NO_RECORDS_CURE = 請提供紀錄所在的日期（--from 與 --to，或 group.yaml 的 period），並改正遭剔除的列
OUTSIDE_PERIOD = { $count } 筆紀錄不在 { $from } 至 { $to } 之間開始，已略過（例如 { $example }）
OBSERVATIONS_OUTSIDE = { $count } 項觀測值不涉及 { $from } 至 { $to } 之間的日期，在該期間不計（例如 { $example }）
NO_PERIOD = 沒有紀錄可以說明要對哪個期間結帳
NO_PERIOD_CURE = 請提供日期（--from 與 --to，或 group.yaml 的 period）
NO_RATE = 「{ $text }」不是匯率
NO_RATE_CURE = 請只寫數字和最多一個小數點，例如 7.1234，小數最多 { $places } 位，全部最多 18 位
RATE_NOT_ABOVE_0 = 匯率須大於 0
RATE_NOT_ABOVE_0_CURE = 請填寫一單位的前一種貨幣可換多少後一種貨幣
RATE_OF_ONE_CURRENCY = 這是貨幣與其本身的匯率
RATE_OF_ONE_CURRENCY_CURE = 請在其中一欄填寫另一種貨幣
RATES_CONTRADICT = 有數列對同一天的相同貨幣填寫了不同的匯率：{ $rates }
POPULATION_WITHOUT_PEOPLE = population 所指的人，在 { $from } 至 { $to } 都沒有任職
POPULATION_WITHOUT_PEOPLE_CURE = 請依 people.csv 對相關人員的記載填寫，或移除 population（{ $said }）
POPULATION_COLUMN = { $column }：{ $words }
POPULATION_OF_NOBODY = people.csv 中沒有人的 { $column } 為「{ $word }」{ $hint }
TOO_MANY_REPLIES = 訊息超過 { $most } 列
TOO_MANY_RECORDS = 期間內的紀錄超過 { $most } 筆
TOO_MANY_RECORDS_CURE = 請依分公司或依週逐一結帳
SEVERAL_MONTHS = 其紀錄分布在 { $count } 個月開始（{ $months }）
SEVERAL_MONTHS_CURE = 請指明要結帳的日期，例如 --from { $from } --to { $to }
RECORD_BACKWARDS = 結束時間 { $end } 早於開始時間 { $start }
RECORD_BACKWARDS_CURE = 請更正時間，或對調兩欄
SHORTENED_ID_KEPT = 有 { $count } 列的號碼被試算表截短成前幾位數字（例如 { $example }）：請匯出為文字；已依現狀採用
SHORTENED_CUSTOMER = 有 { $count } 列的號碼被試算表截短成前幾位數字（例如 { $example }）：請匯出為文字；已視為空白
VALUE_LOST_EMPTY = { $count } 個儲存格是試算表用來代替數值的顯示內容（例如 { $example }）：已視為空白
VALUE_LOST_KEPT = { $count } 個儲存格是試算表用來代替數值的顯示內容（例如 { $example }）：已依現狀採用
NO_VALUE_TAKEN_AS_EMPTY = { $count } 個儲存格表示沒有值（例如 { $example }）：已視為空白
UNSEEN_LEFT_OUT = { $count } 個儲存格含有看不見的字元：已去除後讀取（例如 { $example }）
DECIMAL_TAKEN_AS_WHOLE = { $count } 個整數寫成了小數：已依整數讀取（例如 { $example }）
ZEROS_APART = { $count } 列的號碼（例如 { $example }）在其他列寫有開頭的零：視為不同的號碼；試算表會去除開頭的零，請將該欄匯出為文字
CONTRIBUTORS_NOBODY = 有 { $count } 位協作者在紀錄當日既不在 people.csv 中，也不在 aliases.csv 中（例如 { $example }）：紀錄照常計入，其份額歸其他協作者；請在 people.csv 加入此人或在 aliases.csv 加入別名，或更正名稱，再重新結帳
LONG_RECORDS = { $count } 筆紀錄持續 { $hours } 小時以上（例如 { $example }）：其時間可能來自無人結案的案件
REPLY_WITHOUT_RECORD = records.csv 中 { $account } 沒有紀錄 { $record }{ $hint }
    .elsewhere = records.csv 中 { $account } 沒有紀錄 { $record }，但 { $other } 有
REPLY_WITHOUT_RECORD_CURE = 請在 records.csv 加入該紀錄（若其列無法讀取，請見 rejected.csv），或更正帳號或編號
REPLIES_ABOVE_MOST = { $account } 的紀錄 { $record } 有 { $count } 則訊息：只採用前 { $most } 則，自 { $at } 起的其餘 { $rows } 則未採用
CLAIM_OF_BOTH = 同時填寫了紀錄 { $record } 和顧客 { $customer }
CLAIM_OF_BOTH_CURE = 請只保留其一；兩者都不填，則為認領該帳號的下一筆紀錄
REPLIES_ABOVE_MOST_CURE = 請重新匯出該紀錄：這麼多訊息應是多筆紀錄共用了同一編號
REPLIES_OUTSIDE_PERIOD = { $count } 則訊息所屬的紀錄不在 { $from } 至 { $to } 之間開始，已略過（例如 { $example }）
CLAIMS_OUTSIDE_PERIOD = { $count } 次認領不在 { $from } 至 { $to } 之間，已略過（例如 { $example }）
RECORD_TOO_LONG = 持續 { $days } 天，自 { $start } 至 { $end }
RECORD_TOO_LONG_CURE = 請更正日期：紀錄不會超過 { $most } 天
NO_ROWS = 只有標題列，沒有資料列
NO_ROWS_CURE = 請重新匯出該月份的紀錄，並包含資料列
DUPLICATE_RECORD = 此外部編號以相同內容出現數次：只計一次（略過 { $count } 列）
    .revised = 此外部編號有數個修訂：以 { $revision } 為準（略過較早的 { $count } 列）
DUPLICATE_ROW_REVISED = 有數個修訂：以 { $revision } 為準（略過較早的 { $count } 列）
REFUND_PAYS_NOTHING = 此列指向另一筆紀錄，因此是退款，但金額並非負數
REFUND_PAYS_NOTHING_CURE = 請將退還的金額寫成負數，或將 refers_to 留空
REVISED_TWICE = 此列同時填寫了修訂號和變更時間
REVISED_TWICE_CURE = 請將其中一項留空
NO_CURRENCY = 「{ $text }」不是幣別
NO_CURRENCY_CURE = 請填寫 ISO 4217 代碼，例如 JPY；若為集團的幣別，請留空
NO_REVISION = 「{ $text }」不是修訂號
NO_REVISION_CURE = 請填寫 0 以上的整數，或留空
ID_TWICE_DIFFERENT = { $id } 在 { $account } 出現 { $count } 次，內容不同
ID_TWICE_SAME = { $id } 在 { $account } 出現 { $count } 次，內容相同
ID_TWICE_CURE = 請保留正確的列，或給每筆紀錄各自的 external_id
ID_TWICE_SHORTENED_CURE = 試算表將編號截短成前幾位數字：請將該欄匯出為文字
SHIFT_BACKWARDS = 班次的結束時間 { $end } 並未晚於開始時間 { $start }
SHIFT_BACKWARDS_CURE = 夜班在隔日結束：請填寫隔日的日期
SECOND_OF_TWO = 時鐘撥慢，{ $count } 列的結束時間取第二次出現的時刻：第一次早於開始時間（例如 { $example }）
    .reply = 時鐘撥慢，{ $count } 則訊息的時間取第二次出現的時刻：第一次不在紀錄的起訖時間內（例如 { $example }）
FIRST_OF_TWO = 時鐘撥慢，{ $count } 列中未附時差、出現兩次的時間取第一次（例如 { $example }）：請填寫時差以指明是哪一次
LONG_SHIFT = 自 { $start } 至 { $end } 的班次並未短於 { $hours } 小時
LONG_SHIFT_CURE = 請更正時間；若是數個班次，請各寫一列
SHIFT_ENDS_DIFFER = 第 { $lines } 行是同一人在同一帳號自 { $start } 起的班次，但結束時間不同（{ $one }、{ $other }）
SHIFT_SEATS_DIFFER = 第 { $lines } 行是同一人在同一帳號自 { $start } 起的班次，但座位不同
KEEP_THE_RIGHT_ROW = 請保留正確的列
PUNCH_BOTH_WAYS = 第 { $lines } 行是 { $number } 在同一時間 { $at } 的上班與下班打卡
HANDOVER_BOTH_WAYS = 第 { $lines } 行中，{ $number } 在同一時間 { $at } 接手又交出 { $account }
HANDOVERS_AT_ODDS = 第 { $lines } 行是 { $account } 在同一時間 { $at } 的交接，不可能全部成立
PUNCHES_ODD = 打卡次數為奇數：{ $count }；最後一次在 { $at }，無法成對（{ $night }）
PUNCHES_SINGLE = 只有一次打卡，在 { $at }，無法成對（{ $night }）
PUNCHES_NIGHT = 夜班須有 rosters.csv，或將 policy.yaml 的 cut_over 設在無人上班的時刻
PUNCHES_BETWEEN = 第一次與最後一次之間的打卡已略過：{ $count } 次
PUNCHES_ALONE = { $at } 的打卡無法成對，不構成出勤時段：請補上缺少的打卡
PUNCHES_LONG = 出勤時段超過 13 小時，自 { $from } 至 { $to }：若為兩個夜班之間的休息，請填寫 kind 或 rosters.csv
PUNCHES_AS_NIGHTS = 跨越工作日結束的出勤時段：{ $count } 個（第一個自 { $from } 至 { $to }）；若依工作日計，其間的休息會計為出勤，填寫 kind 或 rosters.csv 即可確定
PUNCHES_EITHER_WAY = 自 { $from } 至 { $to } 的打卡可能是日班或夜班，因為第一次和最後一次無法成對：以日班計；填寫 kind 或 rosters.csv 即可確定
NEITHER_WORD = 「{ $text }」既不是 { $one } 也不是 { $other }
NEITHER_WORD_CURE = 請填寫 { $one } 或 { $other }
NO_SUBJECT_KIND = 「{ $text }」不是對象的類型
NO_SUBJECT_KIND_CURE = 請填寫 { $kinds } 其中之一
UNIT_OF_NOBODY = people.csv 中沒有人、accounts.csv 中也沒有帳號屬於單位 { $unit }{ $hint }
UNIT_OF_NOBODY_CURE = 請更正單位的路徑
STORE_UNKNOWN = accounts.csv 中沒有屬於 { $store } 的帳號{ $hint }
STORE_UNKNOWN_CURE = 請依 accounts.csv 填寫平台與商店，中間以 / 分隔
NEITHER_DAYS_NOR_TIME = 既未說明日期，也未說明時間
DAYS_AND_TIME = 同時說明了日期和時間
DAYS_AND_TIME_CURE = 若為某一時間點，請將 from 和 to 留空；若為某些日期，請將 at 留空
NEITHER_DAYS_NOR_TIME_CURE = 請填寫 from（超過一天時再填 to）或 at，兩者擇一
NO_KIND_OF_FINDING = 沒有這種發現事項
NO_KIND_OF_FINDING_CURE = 請刪除此檔案：只有結果的 inputs/ 中才會有
NO_COUNT = 這不是計數
DELETE_THE_FILE = 請刪除此檔案

## The bundle: settings. A sentence goes on from the name of the setting

SETTING = { $path } { $problem }
SETTING_WRONG = 有誤：{ $reason }；{ $cure }
SETTING_GROUPED = 「{ $text }」含有千分位；無論 group.yaml 的 `numbers` 對儲存格如何規定，YAML 檔案中的數字都不加千分位：請寫 { $plain }
SETTING_GROUPED_OR_DECIMAL = 「{ $text }」可能含有千分位；無論 group.yaml 的 `numbers` 對儲存格如何規定，YAML 檔案中的數字都不加千分位：請寫 { $plain }；若是指小數，請寫 { $decimal }
SETTING_MISSING = 未填
SETTING_NO_MAPPING = 不是鍵與值的對應
FILE_NO_MAPPING = 檔案不是鍵與值的對應
SETTING_NO_TEXT = 不是文字
SETTING_TEXT_LENGTH = 為空，或超過 200 個字元
SETTING_WITH_NUL = 含有字元 NUL（U+0000）：請移除
SETTING_NOT_ONE_OF = 為「{ $text }」，不是下列其中之一：{ $words }
SETTING_NO_DECIMAL = 為「{ $text }」，不是最多六位小數的數字
SETTING_NOT_BETWEEN = 為 { $number }，不是 { $least } 至 { $most } 的數字
SETTING_LOSSY_DECIMAL = 為「{ $text }」，這樣寫會失去精確度：請加上引號
SETTING_NO_WHOLE = 為「{ $text }」，不是 { $least } 至 { $most } 的整數
SETTING_NO_LIST = 不是清單
SETTING_PAIR_NO_TEXT = 有的鍵不是文字
SETTING_NO_VALUE = 沒有值
SETTING_UNKNOWN_NEAR = 不是已知的鍵（是指 { $near } 嗎？）
SETTING_UNKNOWN = 不是已知的鍵（已知的有 { $known }）
SETTING_EMPTY = 為空
SETTING_NOT_ABOVE_0 = 並未大於 0
SETTING_BELOW_0 = 小於 0
GROUP_CURRENCY = 不是三個大寫字母的代碼，例如 CNY
GROUP_CURRENCY_UNKNOWN = 為 { $code }，不是現行的 ISO 4217 幣別：請填寫例如 CNY
GROUP_PERIOD_BACKWARDS = 為 { $to }，早於 from 的 { $from }
GROUP_PERIOD_TOO_LONG = 使期間長達 { $days } 天，而一次最多結帳 { $most } 天：請分段結帳
GROUP_REGION = 將 { $branch } 放在區域 { $region }：請填寫 1 至 32 個字元，可用 a-z、0-9 和 -，例如 cn-east
GROUP_SAME_SIGN = 與 decimal 是同一個符號
POLICY_CUT_OVER = 不是 "00:00" 至 "11:59" 之間、加引號的時間
SCHEME_WEIGHTS = 的權重合計為 { $sum }，而不是 100
SCHEME_ID_TAKEN = 與前面的 KPI 相同
SCHEME_WEIGHT = 並未大於 0：請改為移除該 KPI
SCHEME_CAP = 為 { $cap }，並未高於下限 { $floor }
SCHEME_RANGE = 比下限 { $floor } 高出超過 { $most }
SCHEME_SMALL_SAMPLE = 只對占比和平均有意義：請移除
SCHEME_OF_RECORDS = 對 measure records 沒有意義
SCHEME_OF_UNDEFINED = 所填的指標值「{ $measure }」不在 measures 之中{ $hint }
SCHEME_OF_MISSING = 未填：用來指明要衡量的欄
SCHEME_OF_RESOLVED = 是是否欄，只有占比，沒有總和或平均
SCHEME_TEST_MISSING = 不完整：須以 at_most 或 at_least 之一說明哪些紀錄算數
SCHEME_TEST_USELESS = 不完整：at_most 和 at_least 在此沒有意義
SCHEME_MEASURES_TEXT = { $kpi } 衡量 { $column }，而該欄是文字
    .cell = 第 { $line } 行：{ $reason }
    .odd = { $kpi } 衡量 { $column }，而該欄因有 { $count } 個儲存格不是數字而成為文字欄：{ $cells }
SCHEME_MEASURES_NOTHING = { $kpi } 衡量 { $column }，而 records.csv 沒有這個含有值的欄{ $hint }
SCHEME_MEASURES_CURE = 請填寫 records.csv 中的數字欄
    .odd = 請更正這些儲存格，或填寫 records.csv 中的數字欄
SCHEME_MEASURES_UNCOMPUTED = { $path }（KPI { $kpi }）所衡量的內容無法計算
MEASURE_UNKNOWN_CURE = 可衡量：紀錄筆數、resolved 的占比、first_reply_seconds at_most 30 的占比、rating at_least 4 的占比、amount 的總和、附加欄的平均；其他內容請在檔案的 measures 下定義為指標值
POOL_CURRENCY = 為 { $currency }，但集團的金額使用 { $group }
POOL_BELOW_0 = 為負數：請填寫要分配的金額，須大於 0
POOL_ZERO = 為 0：若沒有要分配的金額，請移除此檔案
POOL_SHARES = 的份額合計為 { $sum }，而不是 100
POOL_SHARE = 並未大於 0：請改為移除該部分
POOL_TIERS_ELSEWHERE = 只在 by: tiers 時有意義
POOL_TIERS_MIXED = 混用了 top_percent 和 at_least：請在所有級別使用其中一種
POOL_TIERS_PERCENT = 的 top_percent 合計為 { $sum }，而不是 100
POOL_TIERS_RISE = 的 at_least 並未逐級遞減
POOL_TIERS_WEIGHTS_RISE = 有級別的權重高於較好的級別：請從最好的級別寫起，每個級別的權重不超過前一個
POOL_TIERS_WEIGHTLESS = 的權重全部為 0
POOL_TIER_RULE = 或 at_least 須填寫其一，且只填一項
POOL_TIER_NAME_TAKEN = 與前面的級別同名
POOL_PERCENT_TOO_FINE = 為 { $percent }：百分比最多填寫四位小數
POOL_TIER_WEIGHT = 大於 1000000
POOL_SHARE_TOO_FINE = { $percent }% 的小數超過四位
POOL_SHARE_TOO_FINE_CURE = 份額與配額最多填寫四位小數
OTHER_PERIOD = 其期間為 { $from } 至 { $to }，但要結帳的是 { $closed_from } 至 { $closed_to }
OTHER_PERIOD_CURE = 請更正其期間，或移除期間
POOL_IN_EMPTY_PERIOD = 有款項，但 people.csv 中沒有人在 { $from } 至 { $to } 任職
POOL_WITHOUT_PEOPLE_CURE = 請更正 hired_on 和 left_on，或移除獎金池
SAVE_FILE_AS_UTF_8 = 請將檔案另存為 UTF-8
JOINED = { $one }{ $other }

## The command line: what cannot be done

STEP_FAILED = 步驟：{ $step }
NOBODY_CREDITED_AT_ALL = 所有紀錄產生時都無人當班，也沒有紀錄標示客服
    .people = 有 { $rows } 列遭剔除，其餘人員在所有紀錄產生時都未當班
    .duty = 所有紀錄產生時都無人當班，而班表、打卡或交接有 { $rows } 列遭剔除
NOBODY_EMPLOYED =
    在 { $from } 與 { $to } 之間無人任職：已讀取 { $people } 人，{ $rejected ->
        [0] 沒有遭剔除的列
       *[other] 有 { $rejected } 列遭剔除
    }
NOBODY_EMPLOYED_CURE = 請更正 hired_on 和 left_on，或更正期間
RECORD_RATE_MISSING_CURE = 請在 rates.csv（date、from、to、rate、source 欄）填寫該日或更早日期的匯率及其來源
NOBODY_CREDITED_CURE = 請提供這些日期的 rosters.csv、punches.csv 或 handovers.csv，或更正其帳號與時間
    .rejected = 請先改正那些列：rejected.csv 逐列寫明改正方法
OUT_NOT_EMPTY = 結果資料夾不是空的
OUT_IN_USE = 另一次執行正在該處寫入結果
OUT_NOT_EMPTY_CURE = 請以 --out 指定另一個資料夾，或先將它移除
BUNDLE_NOT_EMPTY = 資料夾不是空的
BUNDLE_NOT_EMPTY_CURE = 請以 --bundle 指定另一個資料夾，或先將它移除
CLOSE_INTERRUPTED = 您已中斷執行：{ $folder } 中沒有留下任何內容，執行相同的命令即可重新開始
FINDINGS_ARE_IN = { $file } 寫明注意到的事項
REJECTED_ROWS_ARE_IN = { $file } 列出每一列遭剔除的資料
REJECTED_ROWS_UNWRITTEN = 有些列遭剔除，但無法寫入 { $file }
STORE_IN_USE = 另一個 tally 程序正在使用 { $folder } 中的資料，而 SQLite 資料庫一次只能由一個程序使用：請停止該程序，或以 --set database.url=sqlite://FOLDER/{ "{" }service{ "}" }.db 指定其他資料
CURE_AND_REJECTED = { $cure }；{ $file } 列出每一列遭剔除的資料
NOT_IN_MONTH = 本月沒有名為 { $what } 的紀錄或人員：請填寫 records.csv 的 external_id，例如 { $record }，或 people.csv 的 employee_no 或姓名，例如 { $person }
NO_MANIFEST = 其中沒有 manifest.json，因此不是結果資料夾
MANIFEST_DOUBLE = 其中檔案 { $file } 列了兩次
MANIFEST_ELSEWHERE = 其中列有檔案 { $file }，但它不是該資料夾的檔案
NO_MANIFEST_CURE = 請提供 tally close（以 --out）寫出的資料夾
BAD_MANIFEST = { $error }
RESTORE_FOLDER_CURE = 請從保存之處還原該資料夾
SUITE_NAMES_ANOTHER_PERSON = 系統提到了資料包中沒有的人員 { $id }：這是我們的錯誤
SUITE_NAMES_ANOTHER_ACCOUNT = 系統提到了資料包中沒有的帳號 { $id }：這是我們的錯誤
SUITE_LISTS_LESS = 系統沒有列出剛寫入的內容：這是我們的錯誤
CYCLE_WATCH_ENDED = 服務在考核週期結帳完成之前就停止回報進度：請再執行一次
RECORDS_DO_NOT_ADD_UP = 傳入 { $sent } 筆紀錄，考核週期計得 { $counted } 筆，輸出 { $told } 筆：這是我們的錯誤
CANNOT_MAKE_FOLDER = 無法建立資料夾 { $folder }：{ $error }
CANNOT_READ = 無法讀取 { $file }：{ $error }
CANNOT_WRITE = 無法寫入 { $file }：{ $error }
IO_NOT_FOUND = 不存在
IO_PERMISSION_DENIED = 目前的使用者沒有權限
IO_ALREADY_EXISTS = 已存在：請指定其他名稱，或先將它移走
IO_IS_A_FOLDER = 這是資料夾
IO_NOT_A_FOLDER = 路徑中有一段不是資料夾
IO_FOLDER_NOT_EMPTY = 資料夾不是空的
IO_DISK_FULL = 磁碟已滿
IO_READ_ONLY = 磁碟是唯讀的
IO_ADDRESS_IN_USE = 另一個程式正在該處接聽
IO_ADDRESS_NOT_HERE = 本機沒有這個位址
IO_NOT_TEXT = 不是 UTF-8 文字
IO_NOBODY_LISTENS = 該處沒有程式在接聽
IO_NO_ANSWER = 未在時限內回應
IO_NO_WAY_THERE = 本機無法連到該處
IO_NO_SUCH_HOST = 沒有這個名稱的主機
IO_FOLDER_CLOSED = 其資料夾不允許寫入
TLS_SAYS = TLS 程式庫回報：{ $cause }
SERVER_SAYS = 它回報：{ $cause }
IO_OTHER = 作業系統回報：{ $cause }
CURE_ALREADY_DIFFERENT = 若系統內的資料正確，請更正這一列；若這一列正確，請在系統內更正：匯入不會覆寫任何內容
CURE_DIFFERENT_CONTENT = 若系統內的資料正確，請更正這一列；若這一列正確，請填寫較高的修訂號：沒有修訂號，匯入不會覆寫任何內容
CURE_REFERS_TO_NOTHING = 請先匯入它所指的紀錄，或更正 refers_to
CURE_PERSON_UNKNOWN = 請在 people.csv 加入此人，再重新匯入
CURE_ACCOUNT_UNKNOWN = 請在 accounts.csv 加入此帳號，再重新匯入
CURE_ALIAS_OVERLAP = 請讓別名的一個意義先結束（to 欄），另一個再開始
CURE_PLACE_WRONG = 請更正 accounts.csv 的團隊，或 group.yaml 中其分公司的區域
CURE_OUT_OF_REACH = 請由權限涵蓋其團隊的人匯入這一列（團隊可能已移到另一個分公司），或將它移除
CURE_RECORD_OUT_OF_REACH = 請由當日負責該帳號團隊的人，或由集團匯入這一列
CURE_REPLY_RECORD_UNKNOWN = 請將紀錄與其訊息一併匯入，或由可匯入當日紀錄的人匯入
CURE_CLAIM_WITHDRAWN = 請移除這一列：該認領已附原因撤回
CURE_ROWS_CONTRADICT = 請保留正確的列，再重新匯入
CURE_KEPT_BACK = 請先依此檔案所述更正那一列，或由權限涵蓋它的人匯入，再重新匯入：這一列會一併匯入
CURE_PERIOD_PURGED = 請先延長這些月份資料的保存期限（SetRetention，最多 120 個月），再重新匯入，或移除這一列
CURE_REFUSED_ROW = 請更正所指的內容，再重新匯入：已匯入的列會計為「已存在」
    .file = 請更正所指的內容，或移除這一列

## Settings and arguments

SETTING_CANNOT_HOLD = 設定 { $key }：{ $problem }
SETTING_SET_IN = { $problem }（{ $place }）
SETTING_IN_FILE = 設定於檔案 { $file }
SETTING_IN_VARIABLE = 由環境變數 { $name } 設定
SETTING_ON_COMMAND_LINE = 由命令列設定
SETTING_NOT_KNOWN = 沒有這項設定；此處有 { $known }
SETTING_EXPECTED = 目前為 { $found }，應為{ $expected }
    .alone = 應為{ $expected }
SETTINGS_NOT_TOML = 此檔案不是 TOML：請確認每行為 [SECTION] 或 KEY = VALUE
    .at = 此檔案自第 { $line } 行第 { $column } 欄起不是 TOML：請確認每行為 [SECTION] 或 KEY = VALUE，且文字加上引號
SETTING_FILE_MISSING = 沒有檔案 { $file }
SETTING_FILE_EMPTY = { $file } 是空的
SETTING_SERVICE_UNKNOWN = 沒有服務 { $name }；可用的有 { $known }
SETTING_SERVICES_NONE = 請至少填寫其中之一：{ $known }
SETTING_PEER_MISSING = { $name } 不在此程序中（server.services）：請指明它在何處，https://host:port
SETTING_AT_LEAST_ONE = 至少須為 1
SETTING_AT_MOST = 最多為 { $most }
SETTING_SERVICE_TWICE = { $name } 出現兩次：每項服務只填一次
SETTING_DATABASE_URL = 應為 sqlite://DIRECTORY/{ "{" }service{ "}" }.db 或 postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_SERVICE_IN_URL = 每項服務有各自的檔案：請在名稱中寫上 { "{" }service{ "}" }，即 sqlite://DIRECTORY/{ "{" }service{ "}" }.db；資料夾以 / 開頭時，為 sqlite:///DIRECTORY/{ "{" }service{ "}" }.db
    .role = 每項服務以各自的角色登入：請將角色寫成 tally_{ "{" }service{ "}" }，即 postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_PEER_IN_CLEAR = { $address } 超出本機迴路：應為 https://host:port
SETTING_HTTP_IN_CLEAR = { $ip } 超出本機迴路，而閘道不使用 TLS：請讓它在本機迴路接聽，由支援 TLS 的代理伺服器轉送；只有在網路本身已加密時，才設定 server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay
SETTING_NO_NETWORK = 「{ $text }」不是網段：請寫位址及前綴長度，例如 10.0.0.0/8
SETTING_NO_ORIGIN = 「{ $text }」不是來源：請以小寫寫出通訊協定與主機，不含路徑，例如 https://hr.example；* 表示全部
SETTING_CERTIFICATE_AND_KEY = 憑證與其金鑰須成對：請兩者都設定，或都不設定
SETTING_LISTEN_IN_CLEAR = { $ip } 超出本機迴路：請設定 server.tls_certificate 與 server.tls_key
SETTING_KEYS_GENERATED = { $ip } 超出本機迴路，不能使用自動產生的金鑰：請指定目錄
SETTING_PASSPHRASE_TWICE = 也設定了 keys.passphrase：請只設定其中一項
SETTING_LOG_LEVELS = 「{ $part }」既不是層級（{ $levels }），也不是 MODULE=LEVEL，例如 tally_store=debug；多項之間以逗號分隔
SETTING_AUTHORITY_ALONE = 它指明由誰簽發呼叫端的憑證，而此伺服器不使用 TLS：請一併設定 server.tls_certificate 與 server.tls_key
SETTING_NO_CERTIFICATE = 檔案 { $file } 中沒有可讀取的憑證：請指定含有 -----BEGIN CERTIFICATE----- 的 PEM 檔案
SETTING_NO_PRIVATE_KEY = 檔案 { $file } 中沒有可讀取的私密金鑰：請指定含有 -----BEGIN PRIVATE KEY----- 的 PEM 檔案，且不可加密
SETTING_KEY_OF_ANOTHER = { $file } 中的私密金鑰與 { $certificate } 中的憑證不相符：請指定與此憑證成對的金鑰
SETTING_CERTIFICATE_OVER = { $file } 中的憑證已過期：有效期至 { $until }，而本機的時鐘為 { $now }。請向簽發者取得新憑證；若時鐘有誤，請校正
    .early = { $file } 中的憑證尚未生效：自 { $from } 起有效，而本機的時鐘為 { $now }。若時鐘有誤，請校正；否則請等候，或指定在此之前的憑證
SETTING_CERTIFICATE_OF_ANOTHER = { $file } 中的憑證並非由 { $authority } 中的機構簽發，而此程序與其所呼叫的服務（peers）以該機構互相識別：請指定簽發它的機構，或由該機構簽發的憑證
SETTING_REDIS_URL = 應為 redis://HOST:PORT，使用 TLS 時為 rediss://HOST:PORT；密碼寫在主機之前，即 redis://:PASSWORD@HOST:PORT
SETTING_ENDPOINT = 應為收集器的位址，例如 http://127.0.0.1:4317
SAMPLE_NEEDS_ALL = --sample 須將所有服務放在同一個程序中，而未列出 { $name }
EXPECT_ADDRESS = 位址與連接埠，例如 127.0.0.1:7070
EXPECT_ONE_OF = 下列其中之一：{ $words }
EXPECT_WHOLE_NUMBER = 整數
    .to = 0 至 { $most } 的整數
EXPECT_TRUE_OR_FALSE = true 或 false
EXPECT_TEXT = 文字
EXPECT_LIST = 清單，例如 ["a", "b"] 或 a,b
EXPECT_OTHER = 另一種值
EXPECT_UUID = UUID
EXPECT_DATE = 日期，例如 2026-03-31
EXPECT_INSTANT = 含時差的時間點，例如 2026-03-31T09:00:00+08:00
EXPECT_FROM_TO = { $from } 至 { $to }
ARG_VALUE_WRONG = { $arg }：「{ $value }」無法使用；應為：{ $expected }
ARG_WITHOUT_VALUE = { $arg } 須有值
ARG_VALUES_WRONG = { $arg }：值的個數不符
ARG_UNKNOWN = 沒有引數 { $arg }
    .near = 沒有引數 { $arg }；是指 { $near } 嗎？
COMMAND_UNKNOWN = 沒有命令 { $name }
    .near = 沒有命令 { $name }；是指 { $near } 嗎？
COMMAND_MISSING = 請指明命令：{ $known }
ARG_MISSING = 缺少：{ $arg }
ARG_CONFLICT = { $arg } 不能與 { $other } 並用
ARG_NOT_TEXT = 有引數不是 UTF-8 文字
ARG_USAGE = 用法：{ $usage }（詳情請用 --help）

## The command line: pages

SHOW_NOT_DONE = 未完成
SHOW_NOT_DONE_STEP = { $step }：{ $why }
SHOW_REST_IS_THERE = 在此之前的結果都在結果資料夾中；排除原因之後，以另一個 --out 執行相同的命令，即可完成其餘部分。
RUNG_TAG = 平台已標示客服
RUNG_HANDOVER = 依交接持有帳號
RUNG_SOLE = 只有一人當班
RUNG_INFERRED = 依誰何時忙碌推斷
RUNG_EQUAL = 由當班者平均分攤
RUNG_SPLIT = 由協作者分攤
RUNG_CLAIM = 經點選認領
RUNG_DEVICE = 依裝置
RUNG_REPLIES = 依回覆時間加權
RUNG_TAG_SHARE = 依相近紀錄的標示加權
RUNG_TEAM = 別無所知，由團隊分攤
RUNG_UNATTRIBUTED = 未歸屬任何人
STEP_DUTY = 人員、帳號、出勤
STEP_RECORDS = 紀錄
STEP_REPLIES = 紀錄的訊息
STEP_CLAIMS = 認領
STEP_RATES = 匯率
STEP_OBSERVATIONS = 觀測值
STEP_CYCLE = 歸屬與評分
STEP_PUBLISH = 發布
STEP_SETTLEMENT = 結算
STEP_CREDITS = 歸屬
STEP_TOTALS = 合計
STEP_CARDS = 成績單
STEP_STATEMENTS = 結算單
STEP_FINDINGS = 發現事項
STEP_INPUTS = 輸入資料
PROGRESS_READING = 正在讀取
PROGRESS_MAKING = 正在產生一個月的資料
PROGRESS_COUNTING = 正在計數
PROGRESS_ROWS = 列
KIND_MISSING_PUNCH = 有上班卡而沒有下班卡，或相反
KIND_UNCOVERED_SHIFT = 已排班，但當日只在其他時間打卡：該班次不計
KIND_BARELY_COVERED_SHIFT = 已排班，但當日的打卡屬於另一個班次：該班次最多只計入邊緣
KIND_HELD_BY_OTHERS = 已排班，但依交接帳號只由他人持有：該班次不計
KIND_NOT_EMPLOYED = 當時未任職者的班次、打卡或持有
KIND_DOUBLE_IN = 連打兩次上班卡：以第二次為準
KIND_OVERLAP = 多人同時持有同一帳號
KIND_MISSING_RELEASE = 接手帳號後一直沒有交出
KIND_RELEASE_WITHOUT_TAKE = 未持有帳號卻交出
KIND_UNHELD_ACCOUNT = 帳號無人當班，或其部分紀錄產生時無人當班
KIND_NO_DUTY_EVIDENCE = 沒有班表、打卡或交接：整個團隊視為當班
KIND_NOT_SETTLED = 獎金池無法分配
KIND_ODD_PUNCHES = 一天的打卡次數為奇數：最後一次無法成對
KIND_SINGLE_PUNCH = 一天只有一次打卡，無法成對
KIND_PUNCHES_BETWEEN = 一天的第一次與最後一次之間的打卡已略過
KIND_LONG_PRESENCE = 未註明方向的打卡構成超過 13 小時的出勤時段
KIND_READ_AS_NIGHT = 未註明方向的打卡以夜班計
KIND_DAY_OR_NIGHT = 未註明方向的打卡可能是日班或夜班：以日班計
KIND_TAG_OFF_DUTY = 紀錄標示的人當時不當班；以標示為準
KIND_NAMED_WITHOUT_AGENT = 實名帳號的紀錄未標示客服
KIND_MIXED_WITHOUT_TAG = 混用帳號的紀錄未標示客服
KIND_TOO_FEW_TO_INFER = 紀錄太少，無法推斷：平均分攤
KIND_SEVERAL_AT_ONCE = 同時處理多個對話，難以區分各人：平均分攤
KIND_TOO_FEW_REPLIES = 每人的回覆太少，無法區分各人：平均分攤
KIND_REPLIES_TOO_DENSE = 回覆過於密集，無法依時間區分各人：平均分攤
KIND_EVIDENCE_UNEVEN = 有些人表明為自己的比例遠高於他人：依各人未表明的程度加權
KIND_CLOCK_WITHOUT_SECONDS = 回覆的時鐘沒有秒數：平均分攤
KIND_CLAIM_OFF_DUTY = 不當班者的認領不計
KIND_CLAIM_WITHOUT_RECORD = 認領的對話一直沒有紀錄
KIND_CLAIMS_DIFFER = 多人認領同一筆紀錄，或紀錄標示的是他人
KIND_DEVICE_OFF_DUTY = 不當班者的裝置不計
KIND_DEVICE_OF_SEVERAL = 同時屬於多人的裝置不計
KIND_DEVICE_OF_NOBODY = 裝置使用時不屬於任何人：名稱有誤、座位沒有班表，或登記的日期不符
KIND_EVIDENCE_NOT_READ = 政策版本不讀取的認領、裝置或訊息時間
KIND_REPLY_OUTSIDE_RECORD = 早於或晚於其紀錄的回覆不計
KIND_BREAKS_NOT_PUNCHED = 當班時段毫無間斷，卻有數小時沒有工作：休息時未打卡
KIND_CLOCKS_APART = 訊息的時鐘與其紀錄的時鐘相差數分鐘，以後者讀取
KIND_DID_NOT_SETTLE = 推斷未能收斂：平均分攤
KIND_CONTRIBUTOR_UNKNOWN = 紀錄所列的協作者查無此人
KIND_CONTRIBUTOR_OFF_DUTY = 紀錄所列的協作者當時不當班；以標示為準
KIND_CONTRIBUTORS_NOT_SPLIT = 紀錄列有協作者，而政策未予分攤
KIND_UNKNOWN_AGENT = 紀錄標示的客服查無此人
KIND_AMOUNTS_CONVERTED = 金額由其他幣別換算而來
KIND_CONVERTED_ENCODING = 檔案為 GBK 或 UTF-16，已轉換
KIND_CONVERTED_SEPARATOR = 各欄以定位字元（Tab）或分號分隔
KIND_MISSING_COLUMN = 缺少一欄：與其相關者皆未衡量
KIND_UNKNOWN_COLUMN = 沒有任何程式會讀取此欄；可能拼錯了
KIND_UNKNOWN_FILE = 沒有任何程式會讀取此檔案；可能拼錯了
KIND_EMPTY_FILE = 選用的檔案為空
KIND_DUPLICATE_RECORD = 同一筆紀錄出現數次：只計一次
KIND_DUPLICATE_ROW = 同一列出現數次：只計一次
KIND_OUTSIDE_PERIOD = 期間以外的紀錄（及其訊息）與認領已略過，期間以外的觀測值不計
KIND_DAMAGED_ID = 編號、顧客或其他值可能已被試算表損壞
KIND_HOUR_TWICE = 時鐘撥慢：同一小時出現兩次
KIND_NO_VALUE = 表示沒有值的儲存格已視為空白
KIND_CLEANED_CELL = 讀取儲存格時，去除了看不見的字元，或匯出時多出的小數
KIND_LONG_RECORD = 紀錄持續一天以上
KIND_REPLIES_TOO_MANY = 一筆紀錄的訊息多於一筆紀錄應有的數量
KIND_POPULATION_OF_NOBODY = 考核對象填寫了無人擔任的職位或職等
KIND_TRANSFER = 有人轉到另一個單位、職位或職等
KIND_REHIRE = 有人離職後再度任職
KIND_TEAM_WITHOUT_PEOPLE = 帳號的團隊沒有人員
KIND_BRANCH_WITHOUT_PEOPLE = 分公司沒有人員
KIND_MEASURE_NOT_SENT = 沒有任何人有某項指標值的資料：其考核指標對所有人都不計
KIND_OBSERVATIONS_BEYOND_PERIOD = 觀測值超出期間：不計
KIND_OBSERVATIONS_UNREAD = 沒有考核指標讀取這些觀測值的指標值；可能拼錯了
KIND_REFUND_EXCEEDS_SALE = 退款超過其銷售金額
SHOW_HEADLINE = { $group }，{ $from } 至 { $to }
SHOW_SIZE = { $records } 筆服務紀錄，{ $accounts } 個帳號，{ $people } 人
SHOW_REJECTED = { $count } 列遭剔除：rejected.csv 寫明是哪些列、原因，以及如何修改
SHOW_NOT_SPLIT = 獎金池未分配
SHOW_SCORES_KEPT = 歸屬、成績單與發現事項均已完整；請更正此問題，再重新對該月結帳。
SHOW_NO_POOL = 沒有獎金池，因此不結算
SHOW_NO_POOL_HINT = 在資料包中放入 pool.yaml，即可將分數轉為獎金。
SHOW_POOL = 獎金池
SHOW_AMOUNT = 金額
SHOW_TO_PEOPLE = 發給 { $people } 人
SHOW_TO_FUND = 撥入團隊基金
SHOW_THREE_STATEMENTS = 三張結算單，精確到分
SHOW_BESIDE_EQUAL = 若平均分配，每人約得 { $equal }：{ $more } 人多於此數（最多 +{ $most }），{ $less } 人少於此數（最少 { $least }）。
SHOW_STATEMENT_HEAD = { $name } { $number }：{ $total }（平均分配：{ $equal }）
SHOW_WORTH_A_LOOK = 值得一看（findings.csv 逐項列出）
SHOW_TIMINGS = 所花時間與摘要值
SHOW_SECONDS = { $step } { $seconds } 秒
SHOW_IN_ALL = 共 { $total } 秒：{ $longest }
SHOW_SAME_DIGEST = 相同的檔案，在任何一天、任何機器上都得到此值
SHOW_WHO_SERVED = 誰服務了什麼，以及有多確定
SHOW_CERTAIN = { $certain } 有標示客服或只可能是一人；{ $rest } 筆紀錄未歸屬任何人，並逐筆註明原因。
SHOW_BUSIEST = 最忙碌的共用帳號（90% 區間）
SHOW_WORTH = 更多證據能帶來什麼
SHOW_WORTH_SAID = 預計歸屬到實際服務者以外之人的紀錄，目前以及有更多證據之後：僅為預估，並非保證。所有帳號請見 evidence.csv。
SHOW_COLUMN_NOW = 目前
SHOW_COLUMN_BREAKS = 休息打卡
SHOW_COLUMN_DEVICES = 30% 有裝置
SHOW_COLUMN_CLAIMS = 一半經認領
SHOW_COLUMN_RECORDS = 紀錄
SHOW_COLUMN_INTERVAL = 90% 區間
SHOW_COLUMN_CERTAIN = 確定
SHOW_COLUMN_ACCOUNT = 帳號
SHOW_OTHERS = 其他 { $others } 人
SHOW_SCORES = { $people } 人的分數（{ $scheme }）
SHOW_OUTSIDE = 考核對象以外有 { $people } 人，在此沒有成績單也不發放；歸屬於他們的紀錄：{ $records } 筆
SHOW_COLUMN_PLACE = #
SHOW_COLUMN_WHO = 人員
SHOW_COLUMN_TEAM = 團隊
SHOW_COLUMN_CREDITED = 歸屬
SHOW_COLUMN_SCORE = 分數
SHOW_COLUMN_COLLABORATION = 協作
SHOW_CARD = { $name } { $number }：{ $score } 分，第 { $rank } 名（共 { $of } 人）
SHOW_COLLABORATION = 協作：{ $credited } 筆紀錄中有 { $outside } 筆在自己的班表或團隊之外，加 { $points } 分。
SHOW_RECORD = { $account } 的紀錄 { $id }
SHOW_EVIDENCE = 證據：{ $evidence }（政策 { $version }）
SHOW_NOTHING_CREDITED = 本月沒有紀錄歸屬於此人。
SHOW_ALL_ACCOUNTS = 全部
SHOW_SCORE_STEPS = 分數的逐步計算
SHOW_STATEMENT = 結算單
SHOW_RECORDS_BEHIND = 所依據的紀錄：{ $all } 筆中的 { $shown } 筆（credits.csv 有全部）
DEMO_TRUTH = 與真相相差多遠（示範資料知道真相）
DEMO_RIGHT = 逐筆歸屬正確
DEMO_WRONG = 整月歸屬錯誤
DEMO_EQUALLY = 每筆紀錄由團隊平均分攤
DEMO_AS_TALLY = 依 Tally 歸屬
DEMO_TRUTH_SAID = 就平台未標示客服的 { $records } 筆紀錄：每筆有多少歸屬到實際服務者，以及在錯誤相抵之後，該月有多少工作記在他人名下。
DEMO_INTERVALS = 這些帳號的 { $totals } 個人員區間中，有 { $holding } 個包含真相。
DEMO_RUNGS_SAID = 哪些證據帶來這個結果，逐級說明：
DEMO_RUNG_RECORDS = 紀錄
DEMO_RUNG_EQUALLY = 平均分攤時的正確率
DEMO_RUNG_TALLY = 歸屬後的正確率
DEMO_RUNG_GAIN = 占改善的比例
DEMO_SKILLS = 本月所呈現的技能與支援
DEMO_LATE = 證據尚在傳送途中
DEMO_PROFILE = { $name } { $number }：服務過 { $accounts }（{ $platforms }）；協作 { $points }
DEMO_STANDARD = { $scheme }（集團標準）
DEMO_USER_BRANCH_HR = 為{ $branch }當月結帳；看不到其他分公司
DEMO_BRANCHES = 各分公司對自己的月份結帳
DEMO_BRANCHES_SAID = 採用相同的歸屬，各依其衍生自集團標準的方案評分；標準允許分公司將考核指標的權重增減 { $within } 分以內。名次以分公司內為準。
DEMO_COLUMN_BRANCH = 分公司
DEMO_COLUMN_FAVOURS = 加重的考核指標
DEMO_COLUMN_PEOPLE = 人員
DEMO_COLUMN_CREDITED = 占紀錄
DEMO_COLUMN_FIRST = 第一名
DEMO_COLUMN_SCORE = 分數
DEMO_COLUMN_IN_GROUP = 集團名次
DEMO_MANAGERS = { $people } 位本身不服務顧客者的成績單
DEMO_MANAGERS_SAID = 依其團隊的成果計算，團隊以每日的成員為準，單位為百分比。
DEMO_MANAGERS_SCHEME = 主管
DEMO_RIGHT_HEADING = { $branch }在發布並發放之後的更正
DEMO_RIGHT_PAID = 已發放 { $amount } 給 { $people } 人。
DEMO_RIGHT_RATINGS = 之後平台重新傳送 { $account } 的 { $ratings } 個評分，均降為 1。有 { $cycles } 個考核週期以其為依據；已發布和已入帳的內容維持不變。
DEMO_RIGHT_REASON = 買家事後更改了評分
DEMO_RIGHT_CARDS = 更正使 { $people } 人的成績單有了新版本。
DEMO_RIGHT_DELTAS = { $people } 人的金額有變：增加 { $more }，減少 { $less }，併入該分公司的下一次結算。差額最大的為：
DEMO_RIGHT_CARD = { $name } 看到的內容：
DEMO_COLUMN_WHO = 人員
DEMO_COLUMN_PAID = 已發放
DEMO_COLUMN_RIGHT = 應發放
DEMO_COLUMN_DELTA = 差額
DEMO_NEXT = 接下來
DEMO_OWN_MONTH = 您自己的月份；資料夾的內容請見 docs/bundle.md
DEMO_AGAIN = 再執行一次這個月份，並留下檔案供檢視
DEMO_COPY = 將這個月份寫成檔案，供您仿照
DEMO_WHY = 說明某個人或某筆紀錄的結果從何而來
DEMO_REPLAY = 重新計算，並比對每一個位元組
DEMO_CONSOLE = 請以瀏覽器開啟 http://{ $address }；按 Ctrl-C 結束
DEMO_FIRST = 可以先看：{ $agent } 看得到客服本人的月份與薪酬，{ $supervisor } 看得到帳號何時由誰持有，hr1 為一個月結帳，payroll、approver 和 payer 結算發放，auditor 可檢視全部。
DEMO_GRPC = gRPC：http://{ $address }
DEMO_PASSWORD = 所有人共用的密碼，專為這次執行產生：{ $password }
DEMO_TOKEN = 取得權杖：{ $command }
DEMO_HTTP = REST（JSON）：可用的內容請見 http://{ $address }/openapi.json
DEMO_CLOCK = 結帳時，集團的時鐘停在月底的次日，之後由該處繼續。不會保留任何資料。
DEMO_USER_ADMIN = 規劃集團並授予角色；看不到任何人的分數或薪酬
DEMO_USER_HR = 人員、出勤、考核週期；看不到任何人的薪酬
DEMO_USER_PAYROLL = 獎金池與結算；不能核准自己的
DEMO_USER_APPROVER = 核准他人準備的內容
DEMO_USER_PAYER = 將另外兩人所準備並核准的內容入帳
DEMO_USER_AUDITOR = 可讀取一切，不能變更
REPLAY_VERSION = { $what }：結果是以 { $then } 計算，而目前為 { $now }
REPLAY_TZDB = 時區資料庫
REPLAY_IDENTICAL = 完全相同：{ $files } 個檔案，摘要值 { $digest }
REPLAY_NOT_COVERED = 未比對，因為輸入資料不含產生它們的內容：{ $files }
REPLAY_ALTERED = 遭更動：{ $what }
REPLAY_DIFFERENT = 不同：{ $file }，第 { $line } 行
REPLAY_MISSING = 資料夾中缺少：{ $file }
REPLAY_INPUT_CHANGED = inputs/{ $file }：內容已變更
REPLAY_INPUT_MISSING = inputs/{ $file }：缺少或無法讀取
REPLAY_INPUT_ADDED = inputs/{ $file }：為後來加入
REPLAY_IN_FOLDER = 資料夾中：{ $line }
REPLAY_RECOMPUTED = 重新計算：{ $line }
REPLAY_ENDS = （檔案在此行之前結束）

## Replaying over the rpcs


## The command line: help. HELP_ and the name of a command, its arguments by name; HELP_SHARED has what several take alike

PAGE_USAGE = 用法：
PAGE_COMMANDS = 命令：
PAGE_ARGUMENTS = 引數：
PAGE_OPTIONS = 選項：
PAGE_DEFAULT = （預設 { $value }）
PAGE_VALUES = （可用的值 { $values }）
PAGE_ENV = （環境變數 { $name }）
HELP_SHARED =
    .help = 顯示說明
    .version = 顯示版本
    .bundle = 存放 people.csv、accounts.csv、records.csv 及其他檔案的資料夾（docs/bundle.md）
    .from = 期間的第一天，例如 2026-03-01，須與 --to 一併使用；預設為 group.yaml 的期間，否則為所有紀錄所在的月份
    .to = 期間的最後一天，例如 2026-03-31，包含當天
    .lang = 訊息以及 `tally demo` 中姓名的語言；也可寫在命令之前；預設依環境（LC_ALL、LC_MESSAGES、LANG）
    .plain-csv = 供程式讀取的 CSV：不含位元組順序標記，且類似公式的儲存格之前不加單引號；試算表則需要這兩者
    .json = 只以 JSON 輸出摘要
    .server = 系統接聽的位址，例如 https://tally.example:7070；預設為設定中的 client.server，否則為 `tally login` 上次登入之處，再否則為 http://127.0.0.1:7070
    .ca = 簽發伺服器憑證的機構檔案（PEM）；預設為本機所信任的機構
    .client-cert = 向要求憑證的伺服器出示的憑證鏈檔案（PEM），須與 --client-key 一併使用
    .client-key = --client-cert 的私密金鑰檔案（PEM）
    .token-file = 存放權杖的檔案，或以 - 表示標準輸入；預設為 `tally login` 所記住的權杖，否則為標準輸入
    .config = 設定檔（TOML）
    .set = 設定一個鍵，例如 database.url=postgres://..；可重複使用
    .dump-config = 輸出生效中的設定後結束，機密以遮罩顯示
HELP_TALLY = 誰做了哪些工作、價值多少、應發多少，以及為什麼
HELP_HELP = 顯示本頁，或某個命令的說明
HELP_DEMO = 以虛構的集團展示主要工作：一個月的紀錄變成結算單，使用暫存資料夾中的 SQLite
    .once = 顯示摘要後結束，不再提供服務
    .seed = 產生集團所用的數字：換一個數字就是另一個集團
    .records = 該月大約有多少筆服務紀錄，1 至 5,000,000；少於 100 時為 100 筆
    .bundle = 將該月的檔案寫入的新資料夾或空資料夾，供您仿照
    .listen = 顯示摘要後提供服務的位址與連接埠
    .http = 顯示摘要後 REST 的位址與連接埠
HELP_CLOSE = 以您自己的檔案執行主要工作：一個月的紀錄變成成績單與結算單
    .out = 存放結果的資料夾：新資料夾或空資料夾
    .explain = 之後說明某筆紀錄（external_id）或某個人（員工編號或姓名）
    .database = 使用 PostgreSQL，而不用暫存資料夾中的 SQLite：空資料庫的擁有者 URL
HELP_IMPORT = 將一個月的檔案匯入執行中的系統，並說明匯入前後的資料
    .out = 存放 report.json、findings.csv、rejected.csv 與 refused.csv 的資料夾
    .accept-damaged = 即使試算表截短了編號或顧客，仍寫入這些列：系統會永久保留其現狀
    .json = 只以 JSON 輸出報告
HELP_REPLAY = 以結果資料夾本身的輸入重新計算，說明結果是否相同，以及未涵蓋哪些檔案
    .dir = `tally close` 所寫出的結果資料夾
    .json = 只以 JSON 輸出結論
HELP_SERVE = 執行一項、數項或所有服務
    .services = 執行哪些服務，以逗號分隔，例如 identity,attendance；預設為設定所列，即所有服務
    .listen = 接聽的位址與連接埠；預設為設定所列，即 127.0.0.1:7070
    .http = 閘道的位址與連接埠（若此程序含有閘道）；預設為設定所列，即 127.0.0.1:8080
    .sample = 資料庫為空時，先放入 `tally demo` 的虛構集團
HELP_INIT = 在空的資料庫中建立集團及其第一位管理員
    .name = 集團名稱
    .currency = 集團的幣別（ISO 4217）
    .zone = 集團的時區（IANA）
    .regions = 集團的區域，以逗號分隔，例如 cn-east,cn-south
    .tenant-id = 集團的識別碼，事先選定，或另一個區域的系統所用；若資料庫已是此集團，則不做任何變更，也不算失敗
    .login = 第一位管理員的登入名稱
    .password-file = 存放管理員密碼（至少 12 個字元）的檔案；若未提供，則以標準輸入的第一行為密碼
    .invitation-file = 存放 `tally invite` 輸出內容的檔案，用於資料庫已有另一個集團時
HELP_INVITE = 輸出邀請，以便在已有集團的資料庫中再建立一個集團（PostgreSQL）
    .tenant-id = 集團的識別碼，用於另一個區域的系統先前已建立該集團時；預設為新的集團
    .days = 有效天數，最多 30 天
HELP_MIGRATE = 將資料庫更新到最新（PostgreSQL：使用擁有者的 URL）
HELP_LOGIN = 以密碼（標準輸入的第一行）換取權杖，供之後的命令使用
    .login = 登入名稱
    .code = 驗證器的六位數字，或一組復原碼，用於您有第二重驗證時
    .new-password = 您取得的密碼只能登入一次：標準輸入的第二行為您的新密碼
HELP_USER = 為人員與程式開通登入
HELP_USER_CREATE = 建立具有一個角色的登入帳號，適用於整個集團或某個單位
    .login = 登入名稱
    .role = 角色，例如 group_hr，或搭配 --unit 的 branch_hr
    .unit = 單位，例如 East；若角色允許，包含其所有下層單位；預設為整個集團
    .password-file = 存放初始密碼（至少 12 個字元）的檔案，或以 - 表示標準輸入
HELP_USER_GRANT = 為登入帳號再授予一個角色，或補上所缺的角色
    .login = 登入名稱
    .role = 角色，例如 group_hr 或 auditor
    .unit = 單位，例如 East/Chat；若角色允許，包含其所有下層單位；預設為整個集團
HELP_TENANT = 帶走整個集團的資料
HELP_TENANT_EXPORT = 將每項服務所保存的集團資料全部寫入資料夾，每個資料表一個 JSON Lines 檔案
    .out = 資料夾；不可已存在
    .quiet = 不顯示進度
HELP_PERSON = 取出某個人的資料
HELP_PERSON_EXPORT = 將每項服務所保存的某個人資料全部寫入一個 JSON 檔案
    .person = 人員：員工編號或識別碼（UUID）
    .out = 檔案；不可已存在
HELP_RETENTION = 管理資料的保存期限
HELP_RETENTION_RUN = 依集團的保存期限，從每項服務移除到期的資料
HELP_AUDIT = 查看稽核日誌
HELP_AUDIT_VERIFY = 重新計算每項服務的鏈，查找每一列的日誌項目，並指出錯誤
    .heads = 存放日誌須經過的已簽章鏈頭的資料夾；預設為設定所列
HELP_AUDIT_SEARCH = 說明誰檢視或變更了某個人的哪些資料、某個登入主體做了什麼，或某個對象發生了什麼；最新的在前
    .person = 關於此人（UUID）
    .principal = 由此登入主體（UUID）或代其所為
    .subject = 針對此對象，例如 statement:0199..
    .from = 不早於此時間點（RFC 3339），例如 2026-03-01T00:00:00+08:00
    .to = 早於此時間點（RFC 3339）
    .json = 每行輸出一個 JSON 物件
HELP_SCHEME = 將集團的標準從一個系統帶到另一個系統，以及以現成的考核方案開始
HELP_SCHEME_EXPORT = 輸出集團某個考核方案的簽章檔案，含其所有版本
    .name = 名稱
    .from = 要離開的區域，用於系統服務多個區域時
HELP_SCHEME_IMPORT = 匯入另一個區域的系統所匯出的檔案
    .file = 檔案
HELP_SCHEME_TEMPLATE = 以 scheme.yaml 輸出可供開始使用的考核方案，或說明有哪些
    .name = 考核方案的名稱；若未提供，則列出全部
    .out = 要寫入的檔案，不可已存在
HELP_ACCESS = 說明誰可以做什麼，供複核
HELP_ACCESS_REVIEW = 以 CSV 說明誰擁有某項權限，來自哪項授權、委派或緊急授權，自何時起，由誰給予；最新的授權在前
    .permission = 權限，例如檢視薪酬的 compensation.statement.read_pay
HELP_KEYS = 管理金鑰：簽發權杖的金鑰，以及資料庫中密封內容的金鑰
HELP_KEYS_MAKE = 建立金鑰資料夾及其所有檔案，供叢集作為機密使用；既有的檔案維持不變
HELP_KEYS_PROTECT = 以通行密語加密 seal.key，或變更通行密語
    .new-passphrase-file = 存放新通行密語（至少 12 個字元）的檔案；若未提供，則以標準輸入的第一行為通行密語
HELP_KEYS_ROTATE = 在服務運作時產生新金鑰，並以其密封所有內容；若先前中斷，會從中斷處繼續
    .what =
        哪些金鑰；預設為 master 與 data
        file：只在 seal.key 加入主金鑰，以便在用它包裝任何內容之前先分發檔案
        master：seal.key 的主金鑰；很快，不重新密封任何內容
        data：資料金鑰；每一列密封的資料都重新密封
HELP_KEYS_ROTATE_SIGNING = 給予服務一把簽發權杖的新金鑰；執行中的程序會在一分鐘內自行採用
    .service = 服務，例如 identity

## The command line: what was done

CANNOT_MAKE_TEMPORARY = 無法建立暫存資料夾：{ $error }
CANNOT_REPLACE = 無法取代 { $file }：{ $error }
CANNOT_CREATE = 無法建立 { $file }：{ $error }
CANNOT_WRITE_TO = 無法寫入 { $folder }：{ $error }
OUTPUT_LOST = 輸出內容未能全部寫出：{ $error }
CANNOT_START = 無法啟動：{ $error }
CANNOT_LISTEN = 無法接聽 { $address }；請以 { $flag } 指定其他位址，或以 --once 在摘要之後結束：{ $error }
NOT_OF_TALLY = { $file } 自第 { $line } 行第 { $column } 欄起不是 tally 所寫的內容
SAMPLE_SKIPPED = 資料庫已有集團：--sample 會維持其現狀
SERVING_HTTP = 閘道位於 http://{ $address }，其提供的內容請見 http://{ $address }/openapi.json
SAMPLE_FILLED = 已放入範例集團。所有人共用的密碼，僅顯示這一次：{ $password }
SERVING = 正在 { $scheme }://{ $address } 提供 { $services }
NO_GROUP_YET = 此資料庫尚無集團，因此沒有人可以登入：請停止此程序，以相同的設定執行 `tally init --name "My group"`，再重新啟動
    .beside = 此資料庫尚無集團，因此沒有人可以登入：請在此程序之外，以相同的設定執行 `tally init --name "My group"`
REGION_OF_NO_GROUP = server.regions 列有 { $region }，而此資料庫的集團都沒有該區域（現有 { $known }）：此程序不提供其他區域的任何資料列；請更正 server.regions，或將它留空以提供全部
REDIS_AWAY = Redis 在 { $at } 沒有回應（redis.url）。沒有它一切照常運作：在它恢復之前，各程序自行計算呼叫次數，事件的取用端每隔數秒自行查看，而不由它喚醒
FILE_SWITCH = { $switch }：{ $why }
ASK_PASSWORD_TWELVE = 密碼（至少 12 個字元，輸入時會顯示）：
ASK_PASSWORD = 密碼（輸入時會顯示）：
ASK_NEW_PASSWORD = 新密碼（至少 12 個字元）：
ASK_NEW_PASSPHRASE = 新通行密語（輸入時會顯示）：
NO_PASSWORD_GIVEN = 標準輸入中沒有密碼：請輸入，或以管道傳入
SET_EXPECTED = --set { $pair }：應為 KEY=VALUE
SUBJECT_EXPECTED = --subject：應為 KIND:ID，例如 statement:0199..
GROUP_DIFFERS = 集團 { $id } 先前已在此資料庫建立，且與您所輸入的不同（{ $differences }）：未做任何變更。請照其內容輸入，或選擇其他資料庫
GROUP_DIFFERENCE = { $what } 為 { $there }，而非 { $typed }
GROUP_WAS_MADE = 集團 { $id } 先前已在此資料庫建立：未做任何變更
GROUP_MADE = 已建立集團 { $name }（{ $id }），管理員為 { $login }
GROUP_NEXT = 接下來：tally serve，然後 tally login { $login }
OWNER_URL_MISSING = PostgreSQL 的 schema 由其擁有者建立：請將它（TALLY_DATABASE_OWNER_URL）設為擁有者的 URL，即 postgres://OWNER:PASSWORD@HOST/DATABASE
OWNER_URL_ALONE = 它是 SQLite，卻設定了 database.owner_url：請將它（TALLY_DATABASE_URL）設為服務登入所用的 URL，或移除 database.owner_url
MIGRATED = { $service }：{ $ran }
UP_TO_DATE = 已是最新
AUDIT_VERIFIED = { $service }：{ $entries } 個日誌項目，{ $rows } 列，{ $heads } 個匯出的鏈頭：{ $verdict }
AUDIT_INTACT = 完好
AUDIT_ON_BEHALF = { " " }代表 { $id }
AUDIT_FAULT = { $table }（{ $stream }）：{ $place } { $defect }
AUDIT_PLACE = 第 { $at } 個日誌項目
    .unnumbered = 一個未編號的日誌項目
    .named = { $place }（{ $id }）
    .row = 資料列 { $row }
    .row-of = 資料列 { $row }（日誌項目 { $id }）
    .line = 第 { $row } 行
AUDIT_DEFECT = 不是服務所寫的內容
    .chain = 與前一個項目不銜接（遭插入、替換或移動）
    .missing = 缺少
    .truncated = 缺少，其後直到已簽章鏈頭的項目也全部缺少
    .beyond = 位於已簽章鏈頭之後
    .head = 是鏈頭，但缺少簽章，或簽章不是該服務的
    .unnumbered = 等候編號已超過五秒：編號程序是否正在執行？
    .forked = 不是匯出其鏈頭的項目：在此之前的日誌已遭替換
    .older = 缺少，但其後的鏈頭曾經匯出：放回的是較舊的日誌
    .exported = 不是此服務的鏈頭，或倒退到較早的一行之前
    .unaccounted = 沒有稽核日誌項目：並非由任何工作單元寫入
    .borrowed = 或其旁邊的一列借用了稽核日誌項目：該項目所寫的列少於引用它的列
AUDIT_FAULTS = { $count } 處錯誤
AUDIT_FOUND = { $count } 個項目
REVIEW_FOUND = 擁有 { $permission } 的途徑共 { $count } 種
INVITE_ONE_GROUP = 它指向 SQLite 檔案，只能存放一個集團，因此無法邀請；多個集團需要 PostgreSQL（TALLY_DATABASE_URL=postgres://...）
INVITED = 可在 { $days } 天內讓集團 { $tenant } 加入：請交給 InitTenant 或 `tally init --invitation-file`
KEYS_MADE = { $folder } 含有 seal.key 與每項服務的簽章金鑰：請備份
PASSPHRASE_TOO_SHORT = 新通行密語太短：至少 { $least } 個字元
KEYS_PROTECTED = { $file } 已由新的通行密語保護
KEYS_PROTECTED_NEXT = 接下來：為每項服務設定 TALLY_KEYS_PASSPHRASE 或 TALLY_KEYS_PASSPHRASE_FILE，並備份該檔案
KEYS_WRAPPED = { $service }：{ $count } 把資料金鑰已用最新的主金鑰包裝
KEYS_STOPPED = 已停止；沒有任何遺失：執行相同的命令即可從停止處繼續
MASTER_KEY_ADDED = 主金鑰 { $id } 已在 { $file } 中：請備份該檔案
MASTER_KEY_KEPT = { $count } 把資料金鑰仍使用較舊的主金鑰：在全部更換之前，不會再加入其他主金鑰
KEYS_STEP = { $service }：{ $table }.{ $column }，{ $rows } 列
KEYS_REPLACED = { $service }：已更換 { $keys } 把資料金鑰，重新密封 { $rows } 列（{ $speed } 列/秒）
KEYS_REPLACED_RESUMED = { $service }：已更換先前執行的 { $keys } 把資料金鑰，重新密封 { $rows } 列（{ $speed } 列/秒）
NO_SUCH_SERVICE = 沒有名為 { $service } 的服務：請從 { $services } 中選擇
SIGNING_KEY_ROTATED = { $service }：新金鑰自 { $from } 起簽章；舊金鑰所簽的仍然有效
PERSON_EXPORTED = 已寫入 { $file }；有 { $withheld } 列因您無權讀取而未提供
    .untold = 已寫入 { $file }；有 { $withheld } 列因您無權讀取而未提供；{ $services } 未提供任何內容：可能其中沒有此人的資料，或只有您無法存取的單位與日期的資料列。可讀取整個集團人員的人能取得全部內容
PERSON_EXPORTED_BEYOND = { $services } 中還有此人的其他資料列，屬於您無法存取的單位與日期。可讀取整個集團人員的人能取得全部內容
GROUP_EXPORTED = 已將 { $rows } 列寫入 { $folder }；有 { $withheld } 列因您無權讀取而未提供
RETENTION_TAKEN = { $service }：{ $table } 的 { $rows } 列（{ $kind }）
RETENTION_DONE = 已移除 { $rows } 列
INPUT_NOT_READ = 未讀取標準輸入：若要從該處取得權杖，請用 --token-file -
USER_CREATED = { $login } 可以登入，角色為 { $role }
USER_ROLE_UNKNOWN = 沒有可授予整個集團或某個單位的角色 { $role }；未建立登入帳號。可用的有：{ $roles }
    .grant = 沒有角色 { $role }。可用的有：{ $roles }
USER_ROLE_WITHOUT_UNIT = 角色 { $role } 不是授予單位的：請移除 --unit
USER_ROLE_OF_A_UNIT = 角色 { $role } 是授予單位的：請以 --unit 指定
USER_UNIT_UNKNOWN = 沒有單位 { $unit }{ $hint }
USER_GRANTED = { $login } 已具有角色 { $role }
    .already = { $login } 在該處原本就具有角色 { $role }：未做任何變更
USER_WITHOUT_ROLE = 已建立登入帳號 { $login }，但未授予角色 { $role }：請以 tally user grant { $login } { $role }{ $on } 授予
IMPORT_INTERRUPTED = 您已中斷執行
IMPORT_CURRENCY = 其金額使用 { $said }，而集團的金額使用 { $is }
IMPORT_CURRENCY_CURE = 請以 { $is } 填寫金額，並寫上 currency: { $is }
IMPORT_BRANCH_REGION = 它將分公司 { $branch } 放在區域 { $said }，而系統中該分公司位於 { $is }
IMPORT_BRANCH_REGION_CURE = 請在 branches: 之下為 { $branch } 填寫 { $is }，或為該分公司另取名稱
IMPORT_NO_REGION = 它未指明 { $branches } 的區域，因此會放在 { $default }，而集團沒有這個區域
IMPORT_NO_REGION_CURE = 請填寫各分公司所在的區域（集團有 { $known }），例如 branches: { "{" }"{ $branch }": { $region }{ "}" }
IMPORT_REGIONS = 它將分公司放在集團沒有的區域：{ $unknown }
IMPORT_REGIONS_CURE = 請在 group.yaml 的 branches: 之下，為每個分公司填寫 { $known } 其中之一，或為集團新增該區域

## Console

UI_LANGUAGE_NAME = 繁體中文（臺灣）
UI_SKIP = 跳至內容
UI_SCREENS = 功能
UI_WAY_HERE = 目前位置
UI_HOME = 首頁
UI_GREETING = { $name }，您好
UI_LANGUAGE = 語言
UI_THEME = 配色
UI_THEME_AUTO = 依系統設定
UI_THEME_LIGHT = 淺色
UI_THEME_DARK = 深色
UI_DENSITY = 列高
UI_DENSITY_COMPACT = 緊湊
UI_DENSITY_TOUCH = 觸控
UI_ZONE = 時區，例如 Asia/Taipei
UI_KEEP_CHOICES = 套用
UI_SIGN_IN = 登入
UI_SIGN_OUT = 登出
UI_LOGIN = 登入名稱
UI_PASSWORD = 密碼
UI_CODE = 驗證碼
UI_CODE_HINT = 驗證器顯示的六位數字，或一組復原碼。
UI_NEW_PASSWORD = 新密碼
UI_NEW_PASSWORD_HINT = 原密碼只能登入一次。新密碼至少 12 個字元；以四個互不相關的詞組成最好。
UI_SESSION_OVER = 您的工作階段已結束。請登入以繼續；您送出的內容不會遺失。
UI_SIGNED_IN_AGAIN = 您已重新登入
UI_SEND_AGAIN_SAID = 您先前送出的內容仍在，尚未執行。
UI_SEND_AGAIN = 立即送出
UI_TO_HOME = 回首頁
UI_TRY_AGAIN = 重試
UI_FOR_SUPPORT = 供技術支援使用：
UI_NOT_FOUND = 這裡沒有內容
UI_NOT_ALLOWED = 您無權檢視
UI_NOT_NOW = 目前無法完成
UI_REFUSED = 操作未成功
UI_OPTIONAL = （選填）
UI_PUT_RIGHT = 請更正下列各項：
UI_SAVE = 儲存
UI_CANCEL = 取消
UI_REMOVE = 移除
UI_YES = 是
UI_NO = 否
UI_SEARCH = 搜尋
UI_ALL = 全部
UI_GROUP_BY = 分組
UI_NOT_GROUPED = 不分組
UI_GROUPED_BY = 依{ $column }
UI_COLUMNS = 欄位
UI_SHOW = 顯示
UI_SHOW_ALL = 顯示全部
UI_PAGES = 分頁
UI_PREVIOUS = 上一頁
UI_NEXT = 下一頁
UI_PAGE_OF = 第 { $page } / { $pages } 頁
UI_ROWS = 共 { $count } 列
UI_ROWS_OF = { $count } / { $total } 列
UI_EXPORT = 下載 CSV
UI_NOTHING_FITS = 沒有符合條件的內容。
UI_NOTHING_THERE = 這裡還沒有內容。
UI_NOTHING_TO_DRAW = 沒有可繪製的資料。
UI_LOADING = 載入中…
UI_AS_OF = 截至
UI_NAME = 姓名
UI_EMPLOYEE_NO = 員工編號
UI_UNIT = 單位
UI_POSITION = 職位
UI_GRADE = 職等
UI_REGION = 區域
UI_SINCE = 起始
UI_STATE = 狀態
UI_SHARE = 占比
UI_AMOUNT = 金額
UI_DAY = 日期
UI_REASON = 原因
UI_REASON_HINT = 日後檢視的人都會看到。
UI_SURE = 是，我確定
UI_NO_PEOPLE = 在您可檢視的範圍內，這一天沒有在職人員。
UI_GALLERY = 元件
NAV_MINE = 我的
NAV_TEAM = 團隊
NAV_BRANCH = 分公司與集團
NAV_PAY = 薪酬
NAV_AUDIT = 稽核
NAV_PLATFORM = 平台
NAV_PEOPLE = 人員
FORM_OF_ANOTHER_SITE = 此請求來自其他網站：請開啟本站頁面，再從此處送出
FORM_OUTDATED = 此頁面屬於先前的工作階段：請重新載入後再送出一次

## Console: access

NAV_WHY = 權限說明
NAV_REVIEW = 權限複核
NAV_GRANTS = 授權
NAV_LOGINS = 登入帳號
NAV_ROLES = 角色
NAV_DELEGATIONS = 委派
NAV_EMERGENCIES = 緊急授權
NAV_KEYS = API 金鑰
NAV_PROVIDERS = 單一登入提供者
NAV_ACCOUNT = 我的登入帳號
UI_KIND = 類型
UI_PERSON = 人員
UI_WHO = 對象
UI_ROLE = 角色
UI_ROLES = 角色
UI_REACH = 範圍
UI_DAYS = 有效日期
UI_CONDITION = 條件
UI_GIVEN_BY = 授予人
UI_GIVEN_AT = 授予時間
UI_HOLDS_TODAY = 今天有效
UI_HOLDS = 有效
UI_OVER = 已結束
UI_FIRST_DAY = 第一天
UI_LAST_DAY = 最後一天
UI_UNTIL_WHEN = 截止
UI_PERMISSION = 權限
UI_PERMISSIONS = 權限
UI_PERMISSIONS_HINT = 權限名稱，以逗號分隔，例如 attendance.roster.write；各角色的頁面列有名稱。
UI_WHAT_FOR = 用途
UI_NEW_LOGIN = 新增登入帳號
UI_LOGIN_HINT = 登入時輸入的名稱，在本系統中不可重複。
UI_PASSWORD_HINT = 至少 12 個字元；以四個互不相關的詞組成最好。
UI_LOGIN_OF = 不屬於任何人時請留空。
UI_RESET_PASSWORD = 為 { $name } 重設密碼
UI_RESET_NOW = 產生一次性密碼
UI_RESET_SAID = 此登入帳號的所有工作階段都會結束。密碼只顯示一次，只能登入一次，登入時必須更換。
UI_FACTOR_LOST = 第二重驗證已遺失：一併移除
UI_ONE_TIME_PASSWORD = 一次性密碼
UI_ONE_TIME_SAID = 請當面交給本人；{ $until } 之前有效，只能登入一次，不會再次顯示。
UI_ONCE_SAID = 只顯示這一次。請存放在只有該程式能讀取的地方。
UI_WRITTEN_DOWN = 我已保存
UI_NEW_GRANT = 授予角色
UI_GRANT_SAID = 授予人在該範圍內必須擁有該角色的全部權限。授權在一秒內生效。
UI_UNIT_OF_REACH = 用於須指明單位的範圍。
UI_REGION_OF_REACH = 用於須指明區域的範圍，例如 cn-north。
UI_WITH_FACTOR = 須有第二重驗證
UI_ONLY_WITH_FACTOR = 僅在使用第二重驗證的工作階段有效
UI_ONLY_AT_HOURS = 僅在這些時段有效
UI_HOURS_HINT = 例如 08:00-20:00；留空表示不限。
UI_REVOKE_GRANT = 收回角色
UI_REVOKE_SAID = { $name } 將在一秒內失去角色「{ $role }」（{ $reach }）。
UI_NEW_ROLE = 新增角色
UI_ROLE_READY = 系統內建
UI_ROLE_OWN = 集團自訂
UI_ROLE_READY_SAID = 此角色為系統內建，不能變更。不合用時請自訂角色。
UI_ROLE_NAME_HINT = 2 至 64 個小寫字母、數字和 _。
UI_NOBODY_HOLDS = 沒有人擁有此權限。
UI_MYSELF = 我自己
UI_WHOLE_GROUP = 整個集團
UI_ASK = 查詢
UI_ALLOWED = 允許
UI_NOT_ALLOWED_NOW = 不允許
UI_ROLES_THAT_GIVE = 可給予此權限的角色：
UI_WHO_COULD_GIVE = 可以授予的人：
UI_DELEGATOR = 委派人
UI_DELEGATE = 受委派人
UI_DELEGATE_NOW = 委派
UI_DELEGATIONS_SAID = 委派是將您自己的部分權限借出至某個時刻為止，範圍不超過您自己的範圍。
UI_TYPED_AT = 以 { $zone } 為準。
UI_TO_REVIEW = 待複核
UI_REVIEWED = 已複核
UI_NO_EMERGENCIES = 沒有人申報過緊急授權。
UI_OPEN_EMERGENCY = 申報緊急授權
UI_EMERGENCIES_SAID = 緊急授權最多開放權限一小時，會發出通報，並由他人複核。
UI_EMERGENCY_OF = { $name } 的緊急授權
UI_END_EMERGENCY = 立即結束
UI_REVIEW_NOW = 複核
UI_WHAT_WAS_FOUND = 複核結論
UI_TICKET = 工單
UI_REASON_TWENTY = 至少 20 個字元；複核人會看到。
UI_FOR_HOW_LONG = 時間長度
UI_MINUTES = { $count } 分鐘
UI_SERVICE_ACCOUNT = 帳戶
UI_NEW_SERVICE_ACCOUNT = 新增服務帳戶
UI_SERVICE_ACCOUNT_SAID = 程式有自己的帳戶，如同人員一樣被授予角色，並以金鑰代替密碼。
UI_NEW_KEY = 新增金鑰
UI_API_KEY = API 金鑰
UI_KEYS_SAID = 程式以金鑰換取有效十分鐘的權杖。金鑰可限定為帳戶的部分權限。
UI_KEY_PERMISSIONS_HINT = 權限名稱，以逗號分隔；留空表示帳戶的全部權限。
UI_KEY_YEAR = 最長 366 天。
UI_NO_KEY = 尚無金鑰
UI_ALL_OF_ACCOUNT = 帳戶的全部權限
UI_LAST_USED = 最近使用
UI_REVOKE_KEY = 撤銷金鑰
UI_REVOKE_KEY_SAID = 持有此金鑰的程式將無法再登入。此操作無法復原。
UI_NO_PROVIDERS = 沒有單一登入提供者。
UI_NEW_PROVIDER = 新增或變更提供者
UI_PROVIDERS_SAID = 請在提供者登錄回呼網址：本主控台的位址後接 { $path }。
UI_ISSUER = 簽發者
UI_CLIENT_ID = 用戶端 ID
UI_CLIENT_SECRET = 用戶端密碼
UI_CLIENT_SECRET_HINT = 用戶端沒有密碼時請留空。不會再次顯示。
UI_CLAIM = 登入名稱所在的宣告
UI_CLAIM_HINT = 例如 email，僅在已驗證時採用。
UI_REDIRECT = 回呼網址
UI_PROVIDER_NAME_HINT = 供人員選擇的名稱：2 至 50 個小寫字母、數字和 -。
UI_PROVIDER_REGION_HINT = 可使用的區域，* 表示所有人。
UI_SSO = 以所屬組織登入
UI_SSO_PROVIDER = 提供者名稱
UI_SSO_SAID = 即將前往您所屬組織的登入提供者，請在那裡登入。
UI_GO_ON = 繼續
UI_SESSIONS = 工作階段
UI_THIS_ONE = 目前
UI_END_SESSION = 結束
UI_END_ALL_SESSIONS = 登出所有裝置
UI_CHANGE_PASSWORD = 變更密碼
UI_CHANGE_PASSWORD_SAID = 您的其他工作階段會結束。
UI_ADD_FACTOR = 新增第二重驗證
UI_REMOVE_FACTOR = 移除第二重驗證
UI_FACTOR_SAID = 請開啟驗證器並加入此金鑰，再輸入它顯示的六位數字。
UI_FACTOR_SECRET = 金鑰
UI_FACTOR_OPEN = 在本裝置的驗證器中開啟
UI_CODE_OF_NEW = 驗證器目前顯示的六位數字。
UI_CONFIRM = 確認
UI_RECOVERY_CODE = 復原碼
UI_RECOVERY_SAID = 驗證器遺失時，每組復原碼可代替驗證碼使用一次。不會再次顯示。
WORD_SCOPE_KIND_SELF = 本人
WORD_SCOPE_KIND_REPORTS = 部屬
WORD_SCOPE_KIND_UNIT = 一個單位
WORD_SCOPE_KIND_SUBTREE = 單位及其下層
WORD_SCOPE_KIND_LEGAL_ENTITY = 法人
WORD_SCOPE_KIND_REGION = 區域
WORD_SCOPE_KIND_TENANT = 整個集團
WORD_ROLE_AGENT = 客服
WORD_ROLE_SUPERVISOR = 主管
WORD_ROLE_BRANCH_HR = 分公司人資
WORD_ROLE_GROUP_HR = 集團人資
WORD_ROLE_COMPENSATION_SPECIALIST = 薪酬專員
WORD_ROLE_APPROVER = 核准人
WORD_ROLE_INTEGRATOR = 整合人員
WORD_ROLE_AUDITOR = 稽核人員
WORD_ROLE_PLATFORM_OPERATOR = 平台維運
WORD_ROLE_GROUP_ADMIN = 集團管理員
WORD_LOGIN_KIND_PERSON = 人員
WORD_LOGIN_KIND_USER = 不屬於任何人
WORD_LOGIN_KIND_SERVICE_ACCOUNT = 程式
WORD_GRANT_VERDICT_ALLOWS = 允許
WORD_GRANT_VERDICT_OUT_OF_REACH = 其角色給予此權限，但範圍不含此對象
WORD_GRANT_VERDICT_CONDITION_UNMET = 使用第二重驗證或在其他時段即允許
WORD_GRANT_VERDICT_NOT_NOW = 在其他日期即允許
WORD_GRANT_VERDICT_NOT_ENTITLED = 集團未開通此模組
WORD_GRANT_VERDICT_ROLE_LACKS = 其角色不給予此權限
WORD_MODULE_IDENTITY = 身分
WORD_MODULE_ATTENDANCE = 出勤
WORD_MODULE_PERFORMANCE = 績效
WORD_MODULE_COMPENSATION = 薪酬
WORD_MODULE_TALENT = 人才
WORD_MODULE_SUITE = 所有部分
DONE_GRANT_GIVEN = 角色已授予。
DONE_GRANT_TAKEN = 角色已收回。
DONE_ROLE_DEFINED = 角色已儲存。
DONE_DELEGATED = 已委派。
DONE_DELEGATION_ENDED = 委派已結束。
DONE_EMERGENCY_OPENED = 緊急授權已申報，並已通報。
DONE_EMERGENCY_ENDED = 緊急授權已結束。
DONE_EMERGENCY_REVIEWED = 複核已儲存。
DONE_ACCOUNT_MADE = 帳戶已建立。
DONE_KEY_REVOKED = 金鑰已撤銷。
DONE_PROVIDER_KEPT = 提供者已儲存。
DONE_PROVIDER_REMOVED = 提供者已移除。
DONE_PASSWORD_CHANGED = 密碼已變更，您的其他工作階段已結束。
DONE_FACTOR_REMOVED = 第二重驗證已移除。
DONE_SESSION_ENDED = 工作階段已結束。
DONE_SESSIONS_ENDED = 您已登出所有裝置。
SSO_OF_ANOTHER_BROWSER = 此次登入並非在本瀏覽器開始，或已逾時：請在此重新開始

## Console: people and structure

NAV_ORG = 組織架構
NAV_CORRECTIONS = 更正
NAV_ACCOUNTS = 客服帳號
NAV_ALIASES = 別名
NAV_DEVICES = 裝置
NAV_SITES = 據點
NAV_CATALOGUE = 職位與職等
UI_ABOUT = 相關人員
UI_ACCOUNT = 帳號
UI_ACCOUNT_HINT = 在平台上登入時使用的名稱。
UI_ACTIONS = 變更
UI_ADD_ACCOUNT = 新增帳號
UI_ADD_ALIAS = 新增別名
UI_ADD_DEVICE = 新增裝置
UI_ADD_ENTRY = 新增職位或職等
UI_ADD_PERSON = 新增人員
UI_ADD_PHASE = 變更使用方式
UI_ADD_PHASE_SAID = 之前的日期維持不變。只能新增較晚的階段：過去的內容保持原樣。
UI_ADD_SITE = 新增據點
UI_ADD_UNIT = 新增單位
UI_ADD_UNIT_BELOW = 新增下層單位
UI_AFTER = 更正後
UI_ALIAS = 別名
UI_ALIAS_END = 停用別名
UI_ALIAS_MOVE = 改給他人使用
UI_ALL_STATES = 全部
UI_ALWAYS = 一律
UI_APPROVE = 核准
UI_APPROVED = 已核准
UI_ASKED = 已申請
UI_ASKED_AT = 申請時間
UI_ASKED_BY = 申請人
UI_AS_HOME = 留空：與主要任職相同。
UI_AT_ONCE = 同時對話數
UI_AT_ONCE_HINT = 一個人能同時進行的對話數：語音為 1。
UI_BACKDATED = 確實要自本月之前生效：已結帳的月份將依今天所知的情況讀取
UI_BEFORE = 更正前
UI_CATALOGUE_SAID = 以較晚的第一天再次寫入同一代碼，即自該日起生效。沒有任何項目時，職位與職等可自由填寫。
UI_CODE_NAME = 代碼
UI_CODE_NAME_HINT = 任職中使用的代碼，例如 agent 或 P3。
UI_CORRECTION_ABOUT_YOU = 此項與您本人有關：由他人決定。
UI_CORRECTION_DECIDE = 這是他人提出的申請。自您核准起生效。
UI_CORRECTION_LOOK = 正等待有權核准更正的人處理。
UI_CORRECTION_OVER = 已沒有需要決定的事項。
UI_CORRECTION_OWN = 這是您提出的申請：由他人決定。等待期間您可以撤回。
UI_COUNTS_NO_MORE = 此項已不再有效，但仍會列出，因為已記錄的內容不會刪除。
UI_CUT_OVER = 換日時間
UI_CUT_OVER_HINT = 夜間到此時刻，前一個工作日結束，下一個工作日開始。
UI_DEED_CANCEL = 取消計畫
UI_DEED_CANCEL_SAID = 自該日起計畫的變更不再發生；今天的情況維持不變。
UI_DEED_CORRECT_START = 更正第一天
UI_DEED_CORRECT_START_SAID = 用於第一天登錄有誤的情況。先前所知的內容仍留存。
UI_DEED_END = 結束任職
UI_DEED_END_SAID = 所有兼任與請假也在該日結束。
UI_DEED_END_LEAVE = 結束請假
UI_DEED_END_LINE = 結束呈報關係
UI_DEED_END_POST = 結束兼任
UI_DEED_LEAVE = 請假
UI_DEED_LINE = 設定主管
UI_DEED_LINE_SAID = 實線呈報關係會在其日期內取代現有的實線呈報關係。
UI_DEED_POST = 借調或兼任
UI_DEED_RECTIFY = 更正姓名或員工編號
UI_DEED_RECTIFY_SAID = 僅用於登錄有誤的內容。錯誤的內容會被取代；稽核日誌會記錄此次變更。
UI_DEED_REHIRE = 再錄用
UI_DEED_TRANSFER = 調動或晉升
UI_DEED_TRANSFER_SAID = 自該日起生效；之前的內容保留。職等不同即為晉升。
UI_DEVICE = 裝置
UI_DEVICES_ALIASES = 別名與裝置
UI_DEVICE_END = 停用裝置
UI_DEVICE_HINT = 與工作位或平台上的名稱一致，區分大小寫。
UI_DEVICE_MOVE = 改給他人使用
UI_EMPLOYED_AS = 僱用類型
UI_EMPLOYEE_NO_HINT = 集團給此人的編號；不與他人重複。
UI_EMPLOYMENTS = 任職
UI_EMPTY_STAYS = 留空：維持不變。
UI_EVIDENCE = 證據
UI_EXCLUSIVE = 同一時間僅一人
UI_EXCLUSIVE_FIELD = 同一時間只能由一人持有
UI_FACT = 事實
UI_FACTS = 基本資料
UI_FROM_BEGINNING_HINT = 留空：從最初開始。
UI_FROM_ON = 自 { $from } 起
UI_FROM_TIME = 從
UI_FROM_TO = { $from } 至 { $to }
UI_FROM_WHEN = 生效日
UI_GONE_UNITS = 已裁撤的單位
UI_HANDOVER = 交接
UI_HIDDEN = 對您隱藏
UI_HISTORY = 歷程
UI_ID_NUMBER = 身分證件號碼
UI_ITS_ZONE = 時區
UI_KNOWN_ON = 依當時所知
UI_LADDER = 職等順序
UI_LADDER_HINT = 僅職等需要，從 1 開始：數字越大職等越高。
UI_LEAVES = 請假
UI_LEAVE_KIND = 假別
UI_LEAVE_REASON = 請假原因
UI_LEAVE_REASON_HINT = 只有有權檢視請假原因的人才看得到。
UI_LINE_KIND = 呈報關係類型
UI_LOOK = 查看影響範圍
UI_MANAGER = 主管
UI_MERGE_ALSO = 同時併入此單位
UI_MERGE_INTO = 併入哪個單位
UI_MOVE_PEOPLE_HINT = 仍有人在此任職時必填。
UI_MOVE_PEOPLE_TO = 人員與帳號轉入
UI_NAME_HIDDEN = 姓名對您隱藏
UI_NEW_PARENT = 上層單位
UI_NEW_PERSON = 此後的使用人
UI_NOBODY = 無
UI_NOBODY_CALLED = 清單中沒有「{ $text }」：請從清單中選擇
UI_NONE_KNOWN = 未登錄
UI_NOTHING_AFTER = 從未發生，或不再有效。
UI_NOTHING_BEFORE = 原先沒有紀錄。
UI_NOT_EMPLOYED = 當日未任職
UI_NOT_SAID = 未說明
UI_NO_ACCOUNTS = 您可檢視的範圍內沒有帳號：請新增第一個，或以檔案匯入。
UI_NO_ALIASES = 您可檢視的範圍內沒有別名。
UI_NO_CATALOGUE = 當日沒有目錄：職位與職等可自由填寫。
UI_NO_CORRECTIONS = 沒有此狀態的更正。
UI_NO_CORRECTIONS_WAITING = 沒有待決定的更正。
UI_NO_DEVICES = 您可檢視的範圍內沒有裝置。
UI_NO_DEVICES_ALIASES = 此人沒有登錄別名或裝置。
UI_NO_EMPLOYMENTS = 您可檢視的範圍內沒有任職紀錄。
UI_NO_LEAVES = 沒有請假紀錄。
UI_NO_MANAGER = 當日沒有呈報對象。
UI_NO_REASON = 未說明原因。
UI_NO_SITES = 還沒有據點：請新增第一個。
UI_NO_SLASH = 只填一個名稱，不含「/」：上層單位另行選擇
UI_NO_UNITS = 當日您可檢視的範圍內沒有單位。
UI_NO_USES = 這些日期沒有裝置使用紀錄。
UI_OF_PERSON = 人員
UI_OF_SEAT = 座位
UI_ONE_OF_BOTH = 人員或座位擇一填寫，不可同時填寫
UI_ONLY_NEWEST = 只顯示最新的 { $count } 筆：請選擇狀態以縮小範圍。
UI_ON_DAY = { $day } 的情況
UI_OPEN_END_HINT = 留空：沒有結束日。
UI_ORG_COUNTED = { $units } 個單位，{ $count } 人
UI_OWN_ZONE = 時區
UI_PARENT_NOT_THERE = 該單位在當日不存在
UI_PATH = 路徑
UI_PATHS = 單位
UI_PEOPLE_BELOW = 人數（含下層單位）

## Console: cycles

UI_SEVERAL_CALLED = 「{ $text }」對應多個：{ $names }
NAV_CYCLES = 考核週期
NAV_SCHEMES = 考核方案
NAV_MEASURES = 指標值
NAV_RUNS = 歸屬運算
NAV_OBSERVATIONS = 觀測值
PAGE_OUTDATED = 您開啟本頁之後，結果已重新計算：請先檢視現在的結果，再送出一次
UI_SAY_SURE = 請勾選此項以繼續
UI_VERSION = 版本
UI_INDICATORS = 考核指標
UI_NO_SCHEMES = 還沒有考核方案。可從下方的範本開始，或新增一個。
UI_REFINEMENT = 衍生自標準
UI_STANDARD = 標準
UI_STANDARD_BINDING = 標準（強制適用）
UI_OWN_SCHEME = 獨立方案
UI_WITHDRAWN_FROM = 自 { $day } 起停用
UI_IN_USE = 使用中
UI_WITHDRAWN_BECAUSE = 自 { $day } 起停用：{ $reason }
UI_SUPERSEDED_BY = 請改用第 { $version } 版。
UI_NEW_SCHEME = 新增考核方案
UI_SCHEME_TEMPLATES = 可用的範本
UI_BEGIN_WITH_IT = 以此開始
UI_NEW_VERSION = 新增版本
UI_REFINE_IT = 由此衍生
UI_WHAT_IT_IS = 基本資料
UI_SIDE_BY_SIDE = 版本對照
UI_BESIDE = 對照版本
UI_DIFFERING =
    { $count ->
        [0] 兩者完全相同。
       *[other] 有 { $count } 列不同，已標示。
    }
UI_DIFFERS = （不同）
UI_REFINEMENTS = 由此衍生的考核方案
UI_SCORED_BY_IT = 以此評分的考核週期
UI_WITHDRAW_SCHEME = 停用
UI_WITHDRAW_VERSION_HINT = 留空：整個考核方案。
UI_WITHDRAW_FROM = 自此日起
UI_SUPERSEDED = 替代版本
UI_SUPERSEDED_HINT = 留空：無。
UI_VERSION_N = 第 { $version } 版
UI_NAME_VERSION = { $name }，第 { $version } 版
UI_REFINES = 衍生自
UI_COLLABORATION = 加計協作分數
UI_COLLABORATION_POINTS = 協作分數
UI_CURRENCY = 貨幣
UI_CURRENCY_HINT = 三個字母，例如 CNY。留空：集團的貨幣。
UI_WRITTEN_IN = 撰寫區域
UI_INDICATOR_OF_TARGET = 占 100 分中的 { $weight } 分。目標：{ $target }（{ $direction }）；依達成比例計分，最低 { $floor } 分，最高 { $cap } 分。
UI_INDICATOR_OF_GROUP = 占 100 分中的 { $weight } 分（{ $direction }）。計分方式：{ $how }，最低 { $floor } 分，最高 { $cap } 分。
UI_INDICATOR_SMALL = 計量的紀錄少於 { $small } 筆時，向全體的值靠攏。
UI_TEAM_MEDIAN = 團隊中位數
UI_WEIGHT_BETWEEN = 衍生時權重可在 { $least } 至 { $most } 之間。
UI_WEIGHT_FIXED = 衍生時不得變更。
UI_MAY_BE_LEFT_OUT = 可以不採用此項。
UI_WEIGHT = 權重
UI_TARGET = 目標
UI_TARGET_HINT = 留空：團隊中位數。
UI_DIRECTION = 方向
UI_HOW_POINTS = 計分方式
UI_FLOOR_CAP = 最低與最高分
UI_FLOOR = 最低分
UI_CAP = 最高分
UI_SMALL_SAMPLE = 小樣本門檻
UI_SMALL_SAMPLE_HINT = 紀錄少於此數時，值會向全體的值靠攏。留空：不使用。
UI_UNIT_OF_MEASURE = 計量單位
UI_KEY = 短名稱
UI_KEY_HINT = 留空：取自指標值名稱。
UI_MAY_BE_REFINED = 下層單位可由此衍生
UI_MUST_BE_REFINED = 下層單位的考核方案須衍生自此
UI_WITHIN = 權重可浮動
UI_WITHIN_HINT = 衍生時可上下浮動的分數。留空：不可變更。
UI_MEASURE = 指標值
UI_INDICATOR_N = 考核指標 { $number }
UI_FROM_VERSION = 以第 { $version } 版為基礎。先前的版本維持不變。
UI_FROM_STANDARD = 衍生自 { $name } 第 { $version } 版：只能變更其允許的部分。
UI_FROM_TEMPLATE = 以範本為基礎。請填入自己的目標。
UI_FROM_NOTHING = 請填寫考核哪些項目、各占多少：權重合計須恰好為 100。
UI_NEW_VERSION_OF = { $name } 的新版本
UI_SUM_WHOLE = 權重合計為 { $said }，可以儲存。
UI_SUM_SHORT = 權重合計為 { $said }，距 100 還差 { $rest }。
UI_SUM_OVER = 權重合計為 { $said }，比 100 多 { $rest }。
UI_CHECK = 檢查
UI_ADD_INDICATOR = 新增考核指標
UI_UNIT_OR_GROUP_HINT = 留空：整個集團。
UI_NEW_MEASURE = 新增指標值
UI_NO_MEASURES = 還沒有指標值。
UI_NO_MEASURE = 沒有這個指標值，或您無權檢視
UI_MEASURES_WHAT = 計量內容
UI_SUPPLIED = 內建
UI_RETIRED = 已停用
UI_RETIRED_BECAUSE = { $at }：{ $reason }
UI_REVISION = 修訂號
UI_RETIRE = 停用
UI_RETIRE_SAID = 此後考核方案的新版本不能再引用。既有版本保留各自的副本。
UI_CHANGE_IT = 變更
UI_MEASURE_OTHER_KIND = 此指標值的構成須以 API 變更；名稱、單位與方向可在此變更。
UI_TITLE_EN = 英文名稱
UI_TITLE_ZH = 中文名稱
UI_MEASURE_KEY_HINT = 考核方案以此引用，例如 quality_check。之後不能變更。
UI_MIN_COUNT = 最少筆數
UI_MIN_COUNT_HINT = 少於此數視為沒有資料。留空：不限。
UI_OF_RECORDS = 取自紀錄
UI_OF_OBSERVATIONS = 取自觀測值
UI_OF_RATIO = 兩個指標值之比
UI_OBSERVED_OF = 觀測對象
UI_AGGREGATION = 彙總方式
UI_RECORD_VALUE = 紀錄的值
UI_RECORD_VALUE_HINT = first_reply_seconds、duration_seconds、resolved、rating、amount，或自訂欄位。計算筆數時請留空。
UI_TEST = 符合條件
UI_TEST_VALUE = 比較值
UI_RECORD_KINDS = 紀錄類型
UI_LIST_HINT = 多個以逗號分隔。留空：全部。
UI_RATIO_OF = 被除的指標值
UI_RATIO_PER = 除以
UI_IN_PERCENT = 以百分比表示
UI_NEW_CYCLE = 新增考核週期
UI_NO_CYCLES = 您可檢視的範圍內還沒有考核週期。請先為某個月新增一個，待紀錄到齊後結帳。
UI_PERIOD = 期間
UI_SCHEME = 考核方案
UI_PEOPLE_IN = 有成績單的人數
UI_PUBLISHED_AT = 發布時間
UI_CORRECTION_OF = { $name } 的更正
UI_MAKE_CYCLE = 建立考核週期
UI_POPULATION = 考核人員
UI_POPULATION_SAID = 留空：該單位及其下層的所有人。
UI_POSITIONS = 職位
UI_GRADES = 職等
UI_INCLUDE = 另外納入
UI_EXCLUDE = 排除
UI_PEOPLE_HINT = 員工編號，以逗號分隔或每行一個。
UI_AS_OF_DAY = 任職基準日
UI_AS_OF_DAY_HINT = 留空：期間的最後一天。
UI_PREVIEW_POPULATION = 預覽考核人員
UI_IS_IN = 納入
UI_IS_OUT = 未納入
UI_WHY = 原因
UI_EVERYBODY_OF_UNIT = 該單位及其下層的所有人
UI_RUN = 歸屬運算
UI_OPEN_RUN = 開啟歸屬運算
UI_CORRECTS = 更正對象
UI_OPEN_CORRECTED = 開啟已發布的結果
UI_RESULT_VERSION = 結果版本
UI_STEP_MADE = 已建立
UI_STEP_TO_CLOSE = 紀錄到齊後結帳
UI_STEP_CLOSING = 結帳中：歸屬紀錄並評分
UI_STEP_FAILED = 結帳失敗
UI_STEP_CLOSED = 已結帳：所有成績單已評分
UI_STEP_REVIEW = 待審閱並發布
UI_STEP_PUBLISHED = 已發布：結果已公開
UI_PROGRESS = 進度
UI_LOOK_AGAIN = 重新整理
UI_DONE_OF = { $done } / { $total }
UI_WAITS_FOR_WORKER = 排隊中
UI_CLOSE_CYCLE = 結帳
UI_CLOSE_AGAIN = 重新結帳
UI_CANCEL_CLOSING = 取消結帳
UI_CANCEL_CORRECTION = 放棄更正
UI_CANCEL_SAID = 已算出的內容會捨棄，其他不受影響。
UI_CORRECT_CYCLE = 更正結果
UI_CORRECT_SAID = 將依現在的事實重新計算，與已發布的結果並存；發布之前不會公開。
UI_CORRECT_REASON_HINT = 有成績單的每個人都會看到。
UI_SCHEME_VERSION = 考核方案版本
UI_SCHEME_VERSION_HINT = 留空：沿用原版本。
UI_PUBLISH_RESULT = 發布結果
UI_PUBLISH_SURE = 是，可以公開
UI_PUBLISH_SAID = 有成績單的每個人都會看到，薪酬也由此計算。已發布的結果不再變更，只能以新版本更正。
UI_PUBLISH_NOT_YOURS = 您無權在此發布。
UI_PUBLISHED_ALREADY = 此結果已經發布，並未重複執行。
UI_PUBLISH_NOTHING_YET = 還沒有可發布的結果：請先結帳。
UI_BACK_TO_CYCLE = 回到考核週期
UI_REVIEW = 結果
UI_RECORDS = 紀錄
UI_CREDITED = 已歸屬
UI_UNATTRIBUTED = 未歸屬任何人
UI_CREDITED_WITHIN = 歸屬於本週期人員
UI_CREDITED_OUTSIDE = 另有 { $records } 歸屬於其他 { $people } 人
UI_CORRECTED_PEOPLE = 成績單有變動的人數
UI_HOW_CREDITED = 歸屬依據
UI_DISTRIBUTION = 分數分布
UI_SCORE_BETWEEN = { $from } 以上、未滿 { $to }
UI_PEOPLE_COUNT = { $count } 人
UI_PEOPLE_HERE = 直屬本單位的人員
UI_PEOPLE_OF = { $count } 人，其中直屬 { $own } 人
UI_PERSON_OR_SEAT = 人員或座位
UI_PERSON_OR_SEAT_HINT = 請填寫人員或座位。
UI_PHASE = 使用方式
UI_PHASES = 各期間的使用方式
UI_PHASE_HINT = 共用：多人使用同一名稱。實名：每筆紀錄都帶有客服姓名。混合：由共用轉為實名的期間。
UI_PLATFORM = 平台
UI_POST = 類型
UI_PUNCH = 打卡
UI_REJECT = 駁回
UI_REJECTED = 已駁回
UI_REPORTS = 部屬
UI_REPORTS_TO = 呈報對象
UI_RESULTS = 結果
UI_SEAT = 座位
UI_SEAT_HINT = 與班表所寫的名稱一致；排在該座位的人使用此裝置。
UI_SEAT_UNIT = 座位所屬單位
UI_SHIFT = 班次
UI_SOME_HIDDEN = 部分內容對您隱藏：您的授權未開放這些內容。
UI_STORE = 商店
UI_TEAM = 團隊
UI_TEAM_HINT = 負責服務的團隊。留空：屬於整個集團。
UI_TICK_SURE = 請先勾選
UI_TITLE = 顯示名稱
UI_TODAY = 今天
UI_TOUCHES = 影響範圍
UI_TOUCHES_SAID = 尚未寫入：以上為預覽。
UI_TO_TIME = 至
UI_UNITS_BELOW = 下層單位
UI_UNIT_CLOSE = 裁撤單位
UI_UNIT_CLOSE_SAID = 屆時不能有下層單位。人員與帳號轉入您指定的單位；過去的內容保留。
UI_UNIT_KIND_HINT = 留空：最上層為分公司，其餘為團隊。
UI_UNIT_MERGE = 併入其他單位
UI_UNIT_MERGE_SAID = 下層單位、人員與帳號轉入另一單位，本單位裁撤。
UI_UNIT_MOVE = 移至其他單位之下
UI_UNIT_MOVE_SAID = 自該日起連同所有下層單位一起移動；過去的內容保留原位置。只能在同一區域內移動。
UI_UNIT_NOT_ON_DAY = 此單位當日不存在：顯示其最後或最初的狀態。
UI_UNIT_REGION_HINT = 僅最上層的分公司需要；下層單位沿用所屬分公司的區域。
UI_UNIT_RENAME = 變更單位名稱
UI_UNIT_RENAME_SAID = 自該日起生效；過去的內容保留舊名稱。
UI_UNTIL = 至 { $to }
UI_WENT_INTO = 已併入 { $unit }
UI_WHAT = 內容
UI_WHOLE_NUMBER = 請填整數
UI_WHOSE = 所屬
UI_WHO_USED_WHAT = 裝置使用紀錄
UI_WHY_HIDDEN = 原因對您隱藏
UI_WHY_NOT_SAID = 未說明原因
UI_WITHDRAW = 撤回
UI_WITHDRAWN = 已撤回
UI_YOU = 您
UI_ZONE_HINT = 留空：集團的時區。
DONE_PERSON_ADDED = 已新增人員
DONE_PERSON_CHANGED = 變更已寫入
DONE_ORG_CHANGED = 組織架構已變更
DONE_ACCOUNT_ADDED = 已新增帳號
DONE_PHASE_ADDED = 變更已寫入
DONE_ALIAS_CHANGED = 別名已寫入
DONE_DEVICE_CHANGED = 裝置已寫入
DONE_SITE_ADDED = 已新增據點
DONE_ENTRY_ADDED = 項目已寫入
DONE_CORRECTION_APPROVED = 已核准：自此生效
DONE_CORRECTION_REJECTED = 已駁回
DONE_CORRECTION_WITHDRAWN = 已撤回
WORD_POST_HOME = 主要任職
WORD_POST_CONCURRENT = 兼任
WORD_POST_SECONDMENT = 借調
WORD_EMPLOYMENT_REASON_HIRE = 錄用
WORD_EMPLOYMENT_REASON_REHIRE = 再錄用
WORD_EMPLOYMENT_REASON_TRANSFER = 調動
WORD_EMPLOYMENT_REASON_PROMOTION = 晉升
WORD_EMPLOYMENT_REASON_SECONDMENT = 借調
WORD_EMPLOYMENT_REASON_CONCURRENT_POST = 兼任
WORD_EMPLOYMENT_REASON_REORGANISATION = 組織調整
WORD_LEAVE_KIND_SICK = 病假
WORD_LEAVE_KIND_WORK_INJURY = 公傷病假
WORD_LEAVE_KIND_MATERNITY = 產假
WORD_LEAVE_KIND_PARENTAL = 育嬰假
WORD_LEAVE_KIND_CARE = 家庭照顧假
WORD_LEAVE_KIND_UNPAID = 無薪事假
WORD_LEAVE_KIND_OTHER = 其他
UI_MOVERS = 變動最大的人
UI_AGAINST = 對照 { $name }
UI_NOBODY_MOVED = 沒有人的分數變動。
UI_SCORE_RANK = { $score }，第 { $rank } 名
UI_NOW = 現在
UI_DROPPED = 未計入的考核指標
UI_FINDINGS = 應查看的發現事項
UI_FINDINGS_ALL =
    { $count ->
        [0] 沒有異常。
       *[other] 共 { $count } 項發現事項。
    }
UI_FINDINGS_MORE = 前 { $count } 項發現事項；還有更多。
UI_FINDINGS_FIRST = 最前面的發現事項
UI_CARDS = 成績單
UI_NO_CARDS = 沒有您可以檢視的成績單。
UI_RANK = 名次
UI_SCORE = 分數
UI_CREDITED_RECORDS = 歸屬紀錄
UI_COMPARE_CARDS = 比較成績單
UI_WITH_PERSON = 比較對象
UI_CHOOSE_PEOPLE = 請在上方選擇人員，其成績單會並列於此。
UI_CHANGED_SINCE = 計算之後的變動
UI_NOTHING_CHANGED = 沒有變動：重新結帳會得到相同的結果。
UI_CHANGED_ACCOUNTS = { $accounts } 個帳號有變動。
UI_CHANGED_OBSERVATIONS = { $observations } 項觀測值新增或變動。
UI_CHANGED_OTHERS = 另有 { $others } 個您無權檢視的帳號。
UI_CHANGED_RATE = { $from } 兌 { $to } 的匯率有變動。
UI_CHANGES_REMOVED = { $day } 以前的內容可能已依保存期限移除，不與結果比對。
UI_CHANGED_ON_ACCOUNT = 紀錄變動：{ $records }；當班不同的天數：{ $days }
UI_CARD = 成績單
UI_OF_CARDS = 共 { $of }
UI_OUTSIDE_OWN = 其中 { $records } 在本人班表或團隊之外
UI_POINTS_BY_INDICATOR = 各考核指標得分
UI_STEP_BY_STEP = 逐步說明
UI_VALUE = 值
UI_ADJUSTED = 小樣本調整後
UI_POINTS = 得分
UI_WEIGHTED = 加權得分
UI_MEASURED_ON = 計量紀錄數
UI_CARD_VERSIONS = 此成績單的版本
UI_VERSIONS_BESIDE = 成績單版本對照
UI_NO_CARD_THEN = 無成績單
UI_NOT_PUBLISHED_YET = 此結果尚未發布，僅審閱者看得到。
UI_OPEN_PERSON = 開啟人員
UI_DIGEST = 輸入內容摘要值
UI_NEW_RUN = 開始歸屬運算
UI_NO_RUNS = 還沒有歸屬運算。結帳會啟動一次；也可在評分之前由此頁啟動。
UI_STARTED = 開始時間
UI_CYCLE = 考核週期
UI_RULES = 規則
UI_PEOPLE_CREDITED = 有歸屬的人數
UI_ACCOUNTS = 帳號
UI_TOTALS = 各人合計
UI_AT_LEAST = 至少
UI_AT_MOST = 至多
UI_NAMED_SHARE = 其中確定的
UI_CANCEL_RUN = 停止運算
UI_START_RUN = 開始
UI_RUN_SAID = 歸屬若干天的紀錄，以便在結帳之前處理異常。不評分。
UI_NO_OBSERVATIONS = 這裡沒有觀測值。觀測值隨匯入而來，或由其他系統以 API 傳送。
UI_NO_OBSERVATION = 此觀測值已不存在
UI_SOURCE = 來源
UI_CAME_AT = 到達時間
UI_COUNTS = 有效
UI_WITH_VERSIONS = 包含已失效的
UI_WITHDRAW_OBSERVATION = 撤回觀測值
UI_WITHDRAW_SAID = 此後不再計入。其各版本與您的原因仍可檢視。
WORD_CYCLE_STATE_OPEN = 未結帳
WORD_CYCLE_STATE_CLOSING = 結帳中
WORD_CYCLE_STATE_REVIEWABLE = 待審閱
WORD_CYCLE_STATE_PUBLISHED = 已發布
WORD_CYCLE_STATE_FAILED = 失敗
WORD_ATTRIBUTION_RUN_STATE_RUNNING = 執行中
WORD_ATTRIBUTION_RUN_STATE_DONE = 已完成
WORD_ATTRIBUTION_RUN_STATE_FAILED = 失敗
WORD_ATTRIBUTION_RUN_STATE_CANCELLED = 已停止
WORD_NORMALISATION_TARGET_PIECEWISE = 依目標達成比例
WORD_NORMALISATION_MIN_MAX = 依在全體最小與最大之間的位置
WORD_NORMALISATION_PERCENTILE = 依全體中不優於此人的百分比
WORD_NORMALISATION_T_SCORE = 依與全體平均的差距（T 分數）
WORD_DIRECTION_HIGHER = 越高越好
WORD_DIRECTION_LOWER = 越低越好
WORD_REFINEMENT_STATE_UP_TO_DATE = 已是最新
WORD_REFINEMENT_STATE_BEHIND_BUT_FITS = 落後但仍符合
WORD_REFINEMENT_STATE_MUST_FOLLOW = 須跟進
WORD_REFINEMENT_STATE_PARENT_WITHDRAWN = 標準已停用
WORD_POPULATION_REASON_FITS = 符合所有條件
WORD_POPULATION_REASON_NAMED_IN = 指名納入
WORD_POPULATION_REASON_NAMED_OUT = 指名排除
WORD_POPULATION_REASON_NOT_EMPLOYED = 期間未任職
WORD_POPULATION_REASON_OTHER_UNIT = 當日屬於其他單位
WORD_POPULATION_REASON_OTHER_POSITION = 當日為其他職位
WORD_POPULATION_REASON_OTHER_GRADE = 當日為其他職等
WORD_POPULATION_REASON_OTHER_EMPLOYMENT_KIND = 當日為其他僱用類型
WORD_POPULATION_REASON_EMPLOYMENT_KIND_NOT_SAID = 未說明僱用類型
WORD_DROP_REASON_NOBODY_HAS_DATA = 所有人都沒有資料
WORD_DROP_REASON_NO_DATA_OF_PERSON = 此人沒有資料
WORD_DROP_REASON_NO_TARGET = 中位數並未大於零，沒有目標
WORD_DROP_REASON_TOO_LARGE = 數值過大而無法計算
WORD_DROP_REASON_TOO_LARGE_ELSEWHERE = 他人的數值過大而無法計算
WORD_DROP_REASON_NO_PAST = 沒有以往數值可供比較
WORD_PERSON_CHANGE_KIND_EMPLOYMENT = 單位或任職日期不同
WORD_PERSON_CHANGE_KIND_CAME_IN = 新納入
WORD_PERSON_CHANGE_KIND_WENT_OUT = 已不在內
WORD_PERSON_CHANGE_KIND_PAST = 以往考核週期的數值不同
WORD_OBSERVATION_END_REVISED = 已修訂
WORD_OBSERVATION_END_WITHDRAWN = 已撤回
WORD_EMPLOYMENT_KIND_FULL_TIME = 全職
WORD_EMPLOYMENT_KIND_PART_TIME = 部分工時
WORD_EMPLOYMENT_KIND_FIXED_TERM = 定期契約
WORD_EMPLOYMENT_KIND_INTERN = 實習
WORD_EMPLOYMENT_KIND_AGENCY = 派遣
WORD_EMPLOYMENT_KIND_OUTSOURCED = 外包
WORD_EMPLOYMENT_KIND_FREELANCE = 自由接案
WORD_ORG_UNIT_KIND_UNSPECIFIED = 單位
WORD_ORG_UNIT_KIND_GROUP = 集團
WORD_ORG_UNIT_KIND_LEGAL_ENTITY = 法人
WORD_ORG_UNIT_KIND_BRANCH = 分公司
WORD_ORG_UNIT_KIND_DEPARTMENT = 部門
WORD_ORG_UNIT_KIND_TEAM = 團隊
WORD_REPORTING_LINE_KIND_UNSPECIFIED = 呈報關係
WORD_REPORTING_LINE_KIND_SOLID = 實線：直屬主管
WORD_REPORTING_LINE_KIND_DOTTED = 虛線：其他主管
WORD_CATALOGUE_KIND_UNSPECIFIED = 項目
WORD_CATALOGUE_KIND_POSITION = 職位
WORD_CATALOGUE_KIND_GRADE = 職等
WORD_PHASE_KIND_UNSPECIFIED = 未說明
WORD_PHASE_KIND_SHARED = 共用
WORD_PHASE_KIND_MIXED = 混合
WORD_PHASE_KIND_NAMED = 實名
WORD_FACT_STATE_UNSPECIFIED = 有效
WORD_FACT_STATE_COUNTS = 有效
WORD_FACT_STATE_VOIDED = 已作廢
WORD_FACT_STATE_MOVED = 已被取代
WORD_CORRECTION_ACTION_UNSPECIFIED = 更正
WORD_CORRECTION_ACTION_ADD = 補登
WORD_CORRECTION_ACTION_VOID = 作廢
WORD_CORRECTION_ACTION_MOVE = 改正
WORD_CORRECTION_ACTION_CHANGE = 變更
WORD_CORRECTION_ACTION_CANCEL = 取消
WORD_CORRECTION_ACTION_END = 停用
WORD_CORRECTION_STATE_UNSPECIFIED = 僅預覽

## Console: mine

NAV_TODAY = 今天
NAV_MONTH = 我的月份
NAV_MY_PAY = 我的薪酬
NAV_FACTS = 我的出勤
UI_MINE_ZONE = 時間均為 { $zone } 時區。
UI_MINE_ZONE_OTHER = 時間均為您所選的 { $zone } 時區；您的工作地為 { $site }，日期以工作地為準。
UI_MINE_LASTS = { $hours } 小時 { $minutes } 分
UI_MINE_LASTS_COLUMN = 當班時間
UI_MINE_ACCOUNT = 帳號 … { $code }
UI_MINE_ACCOUNT_COLUMN = 帳號
UI_MINE_FREE = 今天沒有排班
UI_MINE_AHEAD = 您的班次於 { $at } 開始
UI_MINE_LATE = 您的班次已於 { $at } 開始，您尚未打上班卡
UI_MINE_ABSENT = 有排班，沒有打卡
UI_MINE_IN = 自 { $at } 起當班
UI_MINE_MISSING = 缺少一次打卡
UI_MINE_WAS = 當班 { $lasts }
UI_MINE_DAY_FREE = 無排班
UI_MINE_DAY_AHEAD = 已排班
UI_MINE_DAY_LATE = 尚未打卡
UI_MINE_DAY_ABSENT = 沒有打卡：請更正
UI_MINE_DAY_IN = 當班中
UI_MINE_DAY_MISSING = 缺少打卡：請更正
UI_MINE_DAY_WAS = 完整
UI_MINE_COME = 上班打卡
UI_MINE_LEAVE = 下班打卡
UI_MINE_SHIFT = 班次
UI_MINE_NO_SHIFT = 這一天沒有排班。
UI_MINE_SEAT = 座位
UI_MINE_PUNCHES = 打卡
UI_MINE_NO_PUNCHES = 這一天還沒有打卡。
UI_MINE_TO_FACTS = 所有日期與更正
UI_MINE_ACCOUNTS = 客服帳號
UI_MINE_NO_ACCOUNTS = 沒有為您安排帳號。若您正以帳號服務顧客，請洽主管。
UI_MINE_TAKE = 接手
UI_MINE_RELEASE = 交出
UI_MINE_HELD_BY_ME = 自 { $at } 起由您持有
UI_MINE_HELD_BY = 自 { $at } 起由 { $name } 持有
UI_MINE_HELD_BY_OTHER = 自 { $at } 起有人持有
UI_MINE_HELD_BY_NOBODY = 您可檢視的人之中無人持有
UI_MINE_DRIFT = 您裝置的時鐘相差 { $minutes } 分鐘。打卡以系統時間為準，裝置的時間一併留存。
UI_MINE_DROPPED = 不計
UI_MINE_ADDED = 由更正而來
UI_MINE_MOVE = 更正
UI_MINE_VOID = 並未發生
UI_MINE_OTHERS_PUNCH = 這次打卡是另一個人在此裝置上打的：須由本人登入後傳送
UI_MINE_LATE_REASON = 於 { $at } 在無網路時打卡
UI_MINE_LATE_ASKED = 已於 { $recorded } 記錄。以您按下按鈕的時間 { $at } 計，待核准。
UI_MINE_LATE_NOT_ASKED = 已於 { $recorded } 記錄。您於 { $at } 按下，但未能申請更正（{ $why }）：請到「我的出勤」更正。
UI_QUEUE = 無網路時的打卡
UI_QUEUE_WAITING = 等待網路，連線後自動傳送
UI_QUEUE_RECORDED = 已記錄
UI_QUEUE_REFUSED = 遭拒絕
UI_OFFLINE = 沒有網路
UI_OFFLINE_SAID = 您仍可打卡：裝置會保存打卡及其時間，恢復連線後自動傳送。
UI_OFFLINE_SCRIPTS = 無網路時打卡需要指令碼，而您的瀏覽器未執行指令碼。
UI_MINE_CYCLES = 考核週期
UI_MINE_SCORE = 分數
UI_MINE_PLACE = 名次
UI_MINE_RANK = 第 { $rank } 名，共 { $of } 人
UI_MINE_GAP = 距目標分數
UI_MINE_GAP_SAID = 未達目標的各項考核指標合計所差的分數
UI_MINE_COLLABORATION = 協作
UI_MINE_STEPS = 分數的每一步
UI_MINE_OF_WEIGHT = { $points } / { $weight }
UI_MINE_IN_WORDS = 逐步說明
UI_MINE_HELPS = 最有幫助的是
UI_MINE_HELPS_NOTHING = 各項考核指標均已達到目標。
UI_MINE_LACKS = 所差分數：
UI_MINE_TOTALS = 歸屬紀錄
UI_MINE_INTERVAL = 標記是歸屬給您的數量；您實際服務的數量有 90 % 的把握落在橫條之內。
UI_MINE_ALL_ACCOUNTS = 所有帳號
UI_MINE_HOW_SURE = 確定程度
UI_MINE_TO_RECORDS = 每筆紀錄及原因
UI_MINE_RECORDS = 紀錄
UI_MINE_RECORD = 紀錄
UI_MINE_BEGAN = 開始時間
UI_MINE_SHARE = 您的占比
UI_MINE_OTHERS = 其他人
UI_MINE_NO_RECORDS = 這裡沒有歸屬給您的紀錄。
UI_MINE_WHY = 原因
UI_MINE_HIDDEN = *** 表示您無權檢視的人。
UI_MINE_VERSIONS = 版本
UI_MINE_VERSION = 第 { $number } 版：分數 { $score }
UI_MINE_NO_VERSIONS = 此成績單尚未發布。
UI_MINE_DRAFT = 此考核週期正在審閱：發布之前分數可能變動。
UI_MINE_NO_CARD = 您還沒有成績單。包含您的考核週期發布後即可檢視。
UI_MINE_STATEMENT = 結算單
UI_MINE_STATEMENTS = 結算單
UI_MINE_NO_STATEMENTS = 您還沒有結算單。由已發布的考核週期結算後即可檢視。
UI_MINE_EQUAL = 若平均分配
UI_MINE_LINES = 金額構成
UI_MINE_NO_LINES = 此結算單只支付調整金額。
UI_MINE_ADJUSTMENTS = 對先前結算單的更正
UI_MINE_DELTAS = 已更正的金額
UI_MINE_LEFT = 尚待結算：
UI_MINE_LEFT_NEXT = 留待下一份結算單：
UI_MINE_BEHIND = 分數依據 { $total } 筆紀錄，此處列出 { $count } 筆。
UI_MINE_NO_DAYS = 本月沒有打卡，也沒有班次。
UI_MINE_FINDINGS = 與您有關的發現事項
UI_MINE_NO_FINDINGS = 沒有：您的打卡與紀錄相符。
UI_MINE_ADVICE = 處理方式：
UI_MINE_FIX = 申請照此更正
UI_MINE_CORRECTIONS = 更正
UI_MINE_NO_CORRECTIONS = 您沒有申請過更正。
UI_MINE_WITHDRAW = 撤回
UI_MINE_HANDOVERS = 交接
UI_MINE_NO_HANDOVERS = 本月您沒有接手或交出帳號。
UI_MINE_ADD = 補登打卡
UI_MINE_MOVE_TITLE = 更正打卡
UI_MINE_VOID_TITLE = 並未發生的打卡
UI_MINE_IT_WAS = 目前為：{ $kind }，{ $at }
UI_MINE_RIGHT_SAID = 須由他人核准，在此之前一切維持不變。已記錄的內容不會抹除。
UI_MINE_WHEN = 實際時間
UI_MINE_KIND = 上班或下班
UI_MINE_ASK = 提出申請
WORD_PUNCH_KIND_IN = 上班
WORD_PUNCH_KIND_OUT = 下班
WORD_PUNCH_VERDICT_ACCEPTED = 正常
WORD_PUNCH_VERDICT_DOUBLE_IN = 您已在當班：自這次重新開始
WORD_PUNCH_VERDICT_OUT_WITHOUT_IN = 之前沒有上班卡
WORD_PUNCH_VERDICT_OFF_ROSTER = 此時沒有排班
WORD_HANDOVER_KIND_TAKE = 接手
WORD_HANDOVER_KIND_RELEASE = 交出
WORD_CORRECTION_STATE_WAITING = 待核准
WORD_CORRECTION_STATE_APPROVED = 已核准
WORD_CORRECTION_STATE_MADE = 已直接更正
WORD_CORRECTION_STATE_REJECTED = 已駁回
WORD_CORRECTION_STATE_WITHDRAWN = 已撤回
WORD_PUNCH_KIND_UNSPECIFIED = 打卡
WORD_HANDOVER_KIND_UNSPECIFIED = 交接
UI_DIALOGUES_AT_ONCE = 同時 { $count } 個對話

## Console: team

NAV_TEAM_MONTH = 團隊月份
NAV_TEAM_ACCOUNTS = 帳號時間軸
NAV_FINDINGS = 發現事項
NAV_HANDOVERS = 交接
NAV_ROSTER = 班表
UI_TEAM_ABOUT = 關於
UI_TEAM_ACCOUNT = 帳號
UI_TEAM_ACCOUNTS_SAID = 請選擇帳號，查看由誰持有、來了哪些紀錄、各歸屬於誰。
UI_TEAM_ASK_TO_PUT_RIGHT = 申請更正
UI_TEAM_BEGAN = 開始
UI_TEAM_BROUGHT_BY = 由此更正而來
UI_TEAM_BY_ACCOUNTS = 依帳號
UI_TEAM_BY_PEOPLE = 依人員
UI_TEAM_BY_WHAT = 人員或帳號
UI_TEAM_CANCEL_SHIFT = 取消班次
UI_TEAM_CERTAIN = 確定
UI_TEAM_CERTAIN_SAID = 有署名、認領、持有或獨自當班
UI_TEAM_CHANGE_SHIFT = 變更班次
UI_TEAM_COLLABORATION = 協作
UI_TEAM_COMPARED_WITH = 與 { $before } 相比
UI_TEAM_CORRECTIONS_WAIT = 有 { $count } 項交接更正待核准
UI_TEAM_CORRECTION_NOT_YOURS = 您可以檢視，但不能申請更正。
UI_TEAM_CORRECTION_WAITS = 此項的更正正待核准。
UI_TEAM_COUNTS_NO_MORE = 此項已不再有效，因此無須在此更正。
UI_TEAM_COUNTS_NO_MORE_BY = 使其不再有效的更正
UI_TEAM_COUNTS_PUT_RIGHT = 已更正
UI_TEAM_CREDITED_TO_NOBODY = 這些日期有 { $count } 筆紀錄未歸屬任何人。
UI_TEAM_CREDITS_OF = 歸屬來源
UI_TEAM_CUSTOMER = 顧客
UI_TEAM_CYCLE = 考核週期
UI_TEAM_DAYS = { $count } 天
UI_TEAM_DAYS_SHOWN = 顯示的日期
UI_TEAM_DAYS_TOO_MANY = 一次最多 { $limit } 天
UI_TEAM_DAY_DRAWN =
    { $day }：{ $records } 筆紀錄，{ $gaps ->
        [0] 全天有人當班
       *[other] { $gaps } 段時間無人當班
    }。
UI_TEAM_DEVICE = 裝置
UI_TEAM_DUTY_AS_TABLE = 當班表格
UI_TEAM_EARLIER_VERSIONS = 較早的版本
UI_TEAM_ENDED = 結束
UI_TEAM_END_HINT = 不晚於開始時間：於次日結束。
UI_TEAM_EVIDENCE = 證據
UI_TEAM_FINDINGS_OF = 發現事項來源
UI_TEAM_FIRST_DAY = 第一天
UI_TEAM_FIRST_REPLY = 首次回覆
UI_TEAM_FIX = 可更正
UI_TEAM_FIXABLE = 其中 { $count } 項可由此更正：開啟即可查看將執行的內容。
UI_TEAM_FIX_ALIAS = { $platform } 上的「{ $alias }」將表示 { $person }。
UI_TEAM_FIX_AT_ONCE = 立即生效。
UI_TEAM_FIX_CLOSE = 考核週期將重新結帳。
UI_TEAM_FIX_HANDOVER = 將補登 { $person } 對 { $account } 的交接：{ $kind }，{ $at }。
UI_TEAM_FIX_MOVE = 紀錄 { $record } 將從 { $from } 移至 { $to }。
UI_TEAM_FIX_NONE = 如何更正無法由已知情況推得：須由當事人說明。上方的建議說明了處理方式。
UI_TEAM_FIX_NOT_YOURS = 權限較高的人可以更正。
UI_TEAM_FIX_OTHER = 將呼叫 { $call }。
UI_TEAM_FIX_PUNCH = 將補登 { $person } 的打卡：{ $kind }，{ $at }。
UI_TEAM_FIX_THERE = 可更正
UI_TEAM_FIX_WAITS = 須由他人核准後才生效。
UI_TEAM_FORGOTTEN_HANDOVER = 補登遺漏的交接
UI_TEAM_MONDAY = 週一
UI_TEAM_TUESDAY = 週二
UI_TEAM_WEDNESDAY = 週三
UI_TEAM_THURSDAY = 週四
UI_TEAM_FRIDAY = 週五
UI_TEAM_SATURDAY = 週六
UI_TEAM_SUNDAY = 週日
UI_TEAM_FROM = 從
UI_TEAM_GAP_AT = 無人 { $gaps }
UI_TEAM_GAP_BUSY = 無人當班但有紀錄
UI_TEAM_HANDOVER = 交接
UI_TEAM_HOW_KNOWN = 如何得知
UI_TEAM_HOW_SURE = 確定程度
UI_TEAM_HOW_THE_SCORE_CAME = 分數如何得出
UI_TEAM_INDICATOR = 考核指標
UI_TEAM_KIND = 類型
UI_TEAM_LAST_DAY = 最後一天
UI_TEAM_LAST_DAY_HINT = 留空：僅第一天。
UI_TEAM_LEGEND = 圖例
UI_TEAM_LEGEND_SAID = 每筆紀錄以歸屬者的顏色繪製，高度即占比，占比越小顏色越淡。字母代表占比最多的人，姓名寫在各自的橫列上。圓點是打卡與交接：實心為上班或接手，空心為下班或交出。
UI_TEAM_LOOK_AT_IT = 檢視
UI_TEAM_MOVED = 分數變動
UI_TEAM_MOVE_HINT = 僅在時間有誤時讀取。
UI_TEAM_NAMED = 署名客服
UI_TEAM_NOBODY = 無人
UI_TEAM_NOBODY_ON_DUTY = 無人當班
UI_TEAM_NOTHING_ODD = 本月沒有異常。
UI_TEAM_NOT_CREDITED = 尚未歸屬
UI_TEAM_NOT_CREDITED_YET = 此處尚未歸屬：沒有已結帳的考核週期或歸屬運算涵蓋此處。僅顯示來了什麼、誰在當班。
UI_TEAM_NO_ACCOUNTS = 您可檢視的範圍內沒有帳號。
UI_TEAM_NO_CARDS = 您可檢視的範圍內沒有成績單。
UI_TEAM_NO_CARDS_DO = 考核週期結帳後才會出現。可在上方選擇其他考核週期，或先檢視帳號。
UI_TEAM_NO_CARD_OF_PERSON = 此人在此考核週期沒有成績單。
UI_TEAM_NO_FINDINGS = 沒有應查看的發現事項。
UI_TEAM_NO_FINDINGS_DO = 每次歸屬運算都會產生發現事項，結帳之前也會。
UI_TEAM_NO_HANDOVERS = 這些日期沒有交接。
UI_TEAM_NO_HANDOVERS_DO = 請在上方選擇其他日期。接手或交出帳號時會產生交接紀錄。
UI_TEAM_NO_RECORDS = 這些日期沒有紀錄。
UI_TEAM_NO_SHIFT = 無班次
UI_TEAM_ON_DUTY = 當班
UI_TEAM_ON_DUTY_HELD = 依交接持有
UI_TEAM_ON_DUTY_LOOSE = 以團隊成員當班
UI_TEAM_OTHERS = 您無權檢視的人
UI_TEAM_OTHER_ACCOUNT = 您無權檢視的帳號
UI_TEAM_OUTSIDE = 外部紀錄
UI_TEAM_PERSON = 人員
UI_TEAM_PERSON_HINT = 清單中的姓名或員工編號。
UI_TEAM_PHASE = 使用方式
UI_TEAM_PLATFORM = 平台
UI_TEAM_POINTS = 得分
UI_TEAM_POINTS_BY_INDICATOR = 各考核指標得分
UI_TEAM_POLICY = 政策
UI_TEAM_PUBLISH_SAID = 時間以帳號的時區為準。排到班次的人立即看得到。
UI_TEAM_PUBLISH_SHIFTS = 發布班次
UI_TEAM_PUNCHED = 已打卡
UI_TEAM_PUT_IT_RIGHT = 更正
UI_TEAM_PUT_RIGHT_BECAUSE = 更正原因
UI_TEAM_RANGE = 區間（90 %）
UI_TEAM_RANK = 名次
UI_TEAM_RANK_OF = 第 { $rank } 名，共 { $of } 名
UI_TEAM_RATING = 評分
UI_TEAM_RECORD = 紀錄
UI_TEAM_RECORDS = 紀錄
UI_TEAM_RECORDS_AS_TABLE = 紀錄表格
UI_TEAM_RECORDS_CAME = 有紀錄
UI_TEAM_RECORDS_CREDITED = 歸屬於您可檢視的人
UI_TEAM_REFUND_OF = 退款對應
UI_TEAM_RESOLVED = 已解決
UI_TEAM_ROSTERED = 排班
UI_TEAM_SCORE = 分數
UI_TEAM_SCORE_MEDIAN = 分數中位數
UI_TEAM_SEAT = 座位
UI_TEAM_SECONDS = { $seconds } 秒
UI_TEAM_SHIFT = 班次
UI_TEAM_SHIFT_COUNTS_NO_MORE = 此班次已不再有效：請變更取代它的班次。
UI_TEAM_SHIFT_NOT_YOURS = 您可以檢視此班次，但不能變更。
UI_TEAM_SHIFT_REASON_HINT = 班次開始之後必填。
UI_TEAM_STORE = 商店
UI_TEAM_SURE_KNOWN = 確定
UI_TEAM_SURE_NOBODY = 未歸屬任何人
UI_TEAM_SURE_SHARED = 平均分攤，無從區分
UI_TEAM_SURE_WEIGHED = 依證據衡量
UI_TEAM_TARGET = 目標
UI_TEAM_TIMES_IN = 時間以 { $zone }（{ $offset }）為準。
UI_TEAM_TIMES_OF_ACCOUNTS = 時間以各帳號的時區為準。
UI_TEAM_TO = 至
UI_TEAM_TODAY = 今天
UI_TEAM_TO_THE_CARD = 查看成績單
UI_TEAM_TO_THE_FINDINGS = 本月發現事項
UI_TEAM_TO_THE_TABLE = 跳至紀錄表格
UI_TEAM_TO_THE_TIMELINE = 時間軸
UI_TEAM_VALUE = 值
UI_TEAM_VIEW = 顯示範圍
UI_TEAM_VIEW_DAY = 日
UI_TEAM_VIEW_MONTH = 月
UI_TEAM_VIEW_WEEK = 週
UI_TEAM_WEIGHT = 權重
UI_TEAM_WHAT = 事項
UI_TEAM_WHAT_CORRECTIONS_CHANGED = 更正帶來的變動
UI_TEAM_WHAT_IS_ODD = 異常
UI_TEAM_WHAT_IS_RIGHT = 正確情況
UI_TEAM_WHAT_IT_WAS = 原內容
UI_TEAM_WHAT_SHOWS_IT = 證據
UI_TEAM_WHAT_TO_DO = 處理方式
UI_TEAM_WHAT_WAS_PUT_RIGHT = 更正內容
UI_TEAM_WHAT_WAS_SEEN = 所見情況
UI_TEAM_WHEN = 時間
UI_TEAM_WHEN_IT_WAS = 實際時間
UI_TEAM_WHERE_THE_RECORDS_ARE = 紀錄所在
UI_TEAM_WHOSE = 歸屬
UI_TEAM_WHY = 原因
UI_TEAM_ZONE_OF_DAYS = 日期的時區
WORD_DUTY_RULE_HANDOVER = 依交接持有
WORD_DUTY_RULE_ROSTER = 依班表當班，且無打卡與之牴觸
WORD_DUTY_RULE_PUNCH = 為團隊成員，且已打卡
WORD_DUTY_RULE_TEAM = 沒有證據：整個團隊
WORD_VERSION_END_REVISED = 傳送方已修訂
WORD_VERSION_END_MOVED = 已移至其他帳號
WORD_VERSION_END_WITHDRAWN = 已撤回
WORD_NOBODY_ON_DUTY = 無人當班
DONE_FIX_ASKED = 已申請，待他人核准
DONE_FIX_MADE = 已更正
DONE_CORRECTION_ASKED = 已申請，待他人核准
DONE_SHIFTS_PUBLISHED = 班次已發布
DONE_SHIFT_CHANGED = 班次已變更
DONE_SHIFT_CANCELLED = 班次已取消

## Console: words that other rooms have too

WORD_RECORD_AGGREGATION_MEAN = 平均
WORD_RECORD_AGGREGATION_SUM = 總和
WORD_RECORD_AGGREGATION_COUNT = 筆數
WORD_RECORD_AGGREGATION_SHARE = 符合條件的百分比
WORD_RECORD_AGGREGATION_DISTINCT = 顧客數
WORD_OBSERVATION_AGGREGATION_SUM = 總和
WORD_OBSERVATION_AGGREGATION_MEAN = 平均
WORD_OBSERVATION_AGGREGATION_LAST = 最後一個
WORD_OBSERVATION_OF_PERSON = 人員
WORD_OBSERVATION_OF_UNIT = 人員所屬單位
WORD_OBSERVATION_OF_ACCOUNT = 帳號
WORD_OBSERVATION_OF_STORE = 商店
WORD_OBSERVATION_OF_CAMPAIGN = 活動
WORD_COMPARISON_AT_MOST = 不超過
WORD_COMPARISON_AT_LEAST = 不低於
WORD_COMPARISON_BELOW = 低於
WORD_COMPARISON_ABOVE = 高於
WORD_COMPARISON_EQUAL = 等於
DONE_SCHEME_SAVED = 版本已儲存。
DONE_SCHEME_WITHDRAWN = 已停用。
DONE_MEASURE_SAVED = 指標值已儲存。
DONE_MEASURE_RETIRED = 指標值已停用。
DONE_CYCLE_MADE = 考核週期已建立。
DONE_CYCLE_CLOSING = 已開始結帳。
DONE_CYCLE_CANCELLED = 已停止。
DONE_CYCLE_CORRECTING = 正在計算更正。
DONE_CYCLE_PUBLISHED = 結果已發布。
DONE_RUN_STARTED = 歸屬運算已開始。
DONE_RUN_CANCELLED = 歸屬運算已停止。
DONE_OBSERVATION_WITHDRAWN = 觀測值已撤回。
WORD_FINDING_MISSING_PUNCH = 缺少打卡
WORD_FINDING_DOUBLE_IN = 重複打上班卡
WORD_FINDING_TAG_OFF_DUTY = 平台有署名但未當班
WORD_FINDING_UNCOVERED_SHIFT = 無人到班的班次
WORD_FINDING_NAMED_WITHOUT_AGENT = 有署名但無此客服
WORD_FINDING_MISSING_RELEASE = 未交出帳號
WORD_FINDING_CLAIM_OFF_DUTY = 未當班時認領
WORD_FINDING_OVERLAP = 兩人同時持有同一帳號
WORD_FINDING_SEVERAL_AT_ONCE = 同時在多個帳號
WORD_FINDING_TOO_FEW_REPLIES = 回覆過少，無從判斷
WORD_FINDING_DEVICE_OFF_DUTY = 裝置所屬者未當班
WORD_FINDING_MIXED_WITHOUT_TAG = 混合帳號未署名
WORD_FINDING_NO_DUTY_EVIDENCE = 沒有當班證據
WORD_FINDING_CLAIMS_DIFFER = 認領互相矛盾
WORD_FINDING_CLAIM_WITHOUT_RECORD = 認領沒有對應的紀錄
WORD_FINDING_BREAKS_NOT_PUNCHED = 休息未打卡
WORD_FINDING_DEVICE_OF_NOBODY = 不屬於任何人的裝置
WORD_FINDING_EVIDENCE_UNEVEN = 證據分布不均
WORD_FINDING_EVIDENCE_NOT_READ = 未讀取的證據
DONE_CAME = 已打上班卡。
DONE_LEFT = 已打下班卡。
DONE_PUNCHED = 打卡已記錄。
DONE_TOOK = 帳號自現在起由您持有。
DONE_RELEASED = 帳號已交出。
DONE_ASKED = 已申請：由他人核准。
DONE_WITHDRAWN = 已撤回。

## Console: pay

NAV_POOLS = 獎金池
NAV_SETTLEMENTS = 結算
NAV_STATEMENTS = 結算單
NAV_PAY_CORRECTIONS = 薪酬更正
NAV_RATES = 匯率
WORD_SETTLEMENT_STATE_DRAFT = 草稿
WORD_SETTLEMENT_STATE_APPROVED = 已核准
WORD_SETTLEMENT_STATE_POSTED = 已入帳
WORD_SETTLEMENT_STATE_DISCARDED = 已作廢
WORD_PAY_CORRECTION_STATE_DRAFT = 草稿
WORD_PAY_CORRECTION_STATE_APPROVED = 已核准
WORD_PAY_CORRECTION_STATE_WITHDRAWN = 已撤回
DONE_POOL_MADE = 獎金池已建立。
DONE_SETTLEMENT_DRAFTED = 結算已草擬，由他人核准。
DONE_PAY_APPROVED = 結算已核准，現在可以入帳。
DONE_PAY_POSTED = 結算已入帳，此後不再變動。
DONE_PAY_DISCARDED = 結算已作廢。
DONE_NOTHING_MOVED_ON = 未執行任何操作：其狀態先前已改變。以下為目前狀態。
DONE_PAY_CORRECTION_DRAFTED = 更正已草擬，由他人核准。
DONE_PAY_CORRECTION_APPROVED = 更正已核准，差額由之後的結算支付。
DONE_PAY_CORRECTION_WITHDRAWN = 更正已撤回。
DONE_RATE_SET = 匯率已寫入。
DONE_RATE_KNOWN = 未寫入：此匯率早已存在。
UI_PAY_ACCOUNT = 客服帳號
UI_PAY_ACCOUNT_HIDDEN = 您無權檢視的帳號
UI_PAY_ADJUSTMENTS = 先前月份的更正
UI_PAY_ADJUSTMENTS_ALONE = 此結算單不含獎金池的金額，只支付先前月份的更正。
UI_PAY_ALSO_SUPERSEDED = 一併顯示已失效的匯率
UI_PAY_AMOUNTS_HIDDEN = 您可以看到有哪些結算單，但無權檢視個人薪酬：金額未傳送到本頁。
UI_PAY_AMOUNT_HINT = 數字，最多一個小數點，例如 120000.50。
UI_PAY_ANOTHER_ACCOUNT = 另一個帳戶（…{ $tail }）
UI_PAY_APPROVAL_ELSEWHERE = 正等待有權核准的人核准；您沒有該權限。
UI_PAY_APPROVE = 核准
UI_PAY_APPROVE_PAY_CORRECTION_SAID = 核准後，差額由之後的結算補發或扣回。
UI_PAY_APPROVE_SAID = 這不是您準備的，因此您可以核准。請先核對各列與合計。
UI_PAY_BEFORE = 原金額
UI_PAY_BEFORE_ROUNDING = 捨入前
UI_PAY_BESIDE_THE_POOL = 不計入獎金池
UI_PAY_CARRY = 尾差結轉下月
UI_PAY_CARRY_HINT = 無法均分的尾差逐月結轉，長期下來互相抵平。
UI_PAY_CORRECTION = 薪酬更正
UI_PAY_CORRECTION_REASON_HINT = 有變動的每張結算單都會顯示。
UI_PAY_CORRECTION_SAID = 已入帳的維持不變。依現在的成績單重新分配獎金池，每人的差額由下一次結算支付。
UI_PAY_COUNTS = 有效
UI_PAY_CURRENCY = 貨幣
UI_PAY_CURRENCY_HINT = 三個字母，例如 CNY。
UI_PAY_CYCLE = 考核週期
UI_PAY_CYCLE_HIDDEN = 您無權檢視的考核週期
UI_PAY_DELTAS = 金額有變動的人員
UI_PAY_DIFFERENCE = 差額
UI_PAY_DISCARD = 作廢
UI_PAY_DISCARD_SAID = 作廢此結算，之後獎金池可重新分配。
UI_PAY_DRAFT_PAY_CORRECTION = 草擬此更正
UI_PAY_DRAFT_SETTLEMENT = 草擬結算
UI_PAY_EQUAL_SPLIT = 平均分配
UI_PAY_EQUAL_SPLIT_SAID = 不計分數時每人所得
UI_PAY_FLOOR = 起算分數
UI_PAY_FLOOR_HINT = 等於或低於此分數者不得獎金；留空為 0。
UI_PAY_FUND_NAME = 基金名稱
UI_PAY_HIDDEN = 已隱藏
UI_PAY_HOW_KNOWN = 依據
UI_PAY_HOW_MADE = 金額構成
UI_PAY_HOW_SPLIT = 分配方式
UI_PAY_IN = 換算為
UI_PAY_LEFT_TO_PAY = 待支付
UI_PAY_LESS = 減少合計
UI_PAY_LINES_TOGETHER = 各列合計
UI_PAY_LOWEST_SCORE = 最低分數
UI_PAY_MAKE_POOL = 建立獎金池
UI_PAY_MORE = 增加合計
UI_PAY_NAME_HIDDEN = 姓名已隱藏
UI_PAY_NEW_PAY_CORRECTION = 更正薪酬
UI_PAY_NEW_POOL = 新增獎金池
UI_PAY_NEW_RATE = 新增匯率
UI_PAY_NEW_SETTLEMENT = 新增結算
UI_PAY_NOW = 現金額
UI_PAY_NO_CARRY = 尾差在當月內分配完畢。
UI_PAY_NO_DELTAS = 沒有人的金額變動。
UI_PAY_NO_PAY_CORRECTIONS = 尚無薪酬更正。已入帳的結算以更正來修正。
UI_PAY_NO_PERCENT = 不是 0 到 100 之間、最多四位小數的百分比
UI_PAY_NO_POOLS = 尚無獎金池。請為考核週期建立一個：金額與分配方式。
UI_PAY_NO_POOL_READY = 目前沒有可分配的獎金池：均已支付或結算中，或其考核週期尚未發布。請先建立獎金池，或發布考核週期。
UI_PAY_NO_POSTED_SETTLEMENT = 尚無已入帳的結算，因此無須更正。草稿可作廢後重新草擬。
UI_PAY_NO_RATES = 尚無匯率。僅在計算其他貨幣的金額時才需要。
UI_PAY_NO_RECORDS_BEHIND = 此結算單沒有對應的服務紀錄。
UI_PAY_NO_SETTLEMENTS = 尚無結算。請以已發布的考核週期與獎金池草擬結算。
UI_PAY_NO_SETTLEMENT_OF_POOL = 此獎金池尚未結算：請草擬結算。
UI_PAY_NO_STATEMENTS = 這裡沒有您可檢視的結算單。
UI_PAY_NOT_PUBLISHED = 尚未發布
UI_PAY_NUMBER = 編號
UI_PAY_NUMBERED = { $at }. { $label }
UI_PAY_OF_THE_POOL = 來自獎金池
UI_PAY_ONE_OF = 1 單位
UI_PAY_ONLY_COUNTING = 僅顯示有效匯率
UI_PAY_PAID = 發給個人
UI_PAY_PART_FUND_SAID = 此部分留給團隊，不發給個人。占比留空則不設此部分。
UI_PAY_PART_PROPORTIONAL_SAID = 依超過起算分數的分數分配。占比留空則不設此部分。
UI_PAY_PART_TIERS_SAID = 從最好的級別寫起。每個級別依人數百分比，或依最低分數劃定；級別內每人的權重相同。占比留空則不設此部分。
UI_PAY_PERCENT_OF_POOL = 占獎金池百分比
UI_PAY_POOL = 獎金池
UI_PAY_POOLS_WAIT = 有 { $count } 個獎金池不在選項中：其考核週期的成績尚未發布。
UI_PAY_POOL_NAME_HINT = 例如：三月獎金。
UI_PAY_POOL_TO_SPLIT_HINT = 僅限考核週期已發布且尚未支付的獎金池。
UI_PAY_POOL_UNIT_HINT = 支付對象：考核週期的單位或其下層。留空為整個考核週期。
UI_PAY_POOL_WAITS = 考核週期的分數發布後，即可結算此獎金池。
UI_PAY_POST = 入帳
UI_PAY_POSTING_ELSEWHERE = 正等待有權入帳的人入帳；您沒有該權限。
UI_PAY_POST_SAID = 入帳後不再變動，獎金池即視為已支付。
UI_PAY_PREPARED_AT = 準備時間
UI_PAY_PUBLISHED = 已發布
UI_PAY_QUOTA = 人數百分比
UI_PAY_RATE = 匯率
UI_PAY_RATES_SAID = 匯率持續有效，直到相同貨幣的下一筆。先前的內容仍可檢視。
UI_PAY_RATE_HINT = 例如 7.1234。
UI_PAY_RECORD = 服務紀錄
UI_PAY_RECORDS_BEHIND = 對應的服務紀錄
UI_PAY_RECORDS_TRACED = { $all } 筆紀錄中的 { $count } 筆
UI_PAY_ROW_REFUSED = { $said }
UI_PAY_RULE_FUND_SAID = 留給團隊，不發給個人。
UI_PAY_RULE_PROPORTIONAL = 依分數比例
UI_PAY_RULE_PROPORTIONAL_SAID = 依超過 { $floor } 的分數分配。
UI_PAY_RULE_TIERS = 依級別
UI_PAY_RULE_TIERS_SAID = 級別內每人的權重相同，此部分依權重分配。
UI_PAY_SAY_SURE = 請勾選以確認
UI_PAY_SCORE = 分數
UI_PAY_SETTLEMENT = 結算
UI_PAY_SETTLEMENT_LINES = 每人所得
UI_PAY_SETTLEMENT_LINES_SAID = 每列可通往結算單：計算步驟、成績單及對應的紀錄。分數來自
UI_PAY_SET_RATE = 寫入匯率
UI_PAY_SHARES_SUM = 各部分占比合計為 { $sum } %，應為 100 %
UI_PAY_SHOW_DIFFERENCE = 查看會有哪些變動
UI_PAY_SHOW_MORE = 顯示更多
UI_PAY_SOURCE = 來源
UI_PAY_SOURCE_HINT = 例如中央銀行每日定盤匯率。
UI_PAY_STATEMENT = 結算單
UI_PAY_STEP_APPROVED = 已核准
UI_PAY_STEP_DISCARDED = 已作廢
UI_PAY_STEP_DRAFTED = 已草擬
UI_PAY_STEP_POSTED = 已入帳
UI_PAY_STEP_PREPARED = 已準備
UI_PAY_STEP_WAITS_APPROVAL = 待他人核准
UI_PAY_STEP_WAITS_POSTING = 待入帳
UI_PAY_STEP_WITHDRAWN = 已撤回
UI_PAY_SUM = 合計
UI_PAY_SUM_FAILS = 合計不等於獎金池
UI_PAY_SUM_HOLDS = 與獎金池分毫不差
UI_PAY_SUPERSEDED = 已失效
UI_PAY_TEAM_FUND = 團隊基金
UI_PAY_TIER = 級別
UI_PAY_TIER_FROM = { $score } 分起
UI_PAY_TIER_QUOTA = 人數的 { $quota }
UI_PAY_TO_CARD = 查看成績單
UI_PAY_TO_RECORDS = 查看紀錄
UI_PAY_TO_SETTLEMENT = 被更正的結算
UI_PAY_UNIT_HIDDEN = 您無權檢視的單位
UI_PAY_UNKNOWN_STEP = 本頁沒有這個步驟：請重新載入
UI_PAY_WEIGHT = 權重
UI_PAY_WEIGHT_OF = { $sum } 中的 { $weight }
UI_PAY_WHAT_WOULD_CHANGE = 會有哪些變動
UI_PAY_WHO = 人員
UI_PAY_WHOLE_GROUP = 整個集團
UI_PAY_WHY = 差額原因
UI_PAY_WITHDRAW = 撤回
UI_PAY_WITHDRAW_SAID = 撤回草稿，任何人的薪酬都不變。
UI_PAY_WOULD_CHANGE = { $people } 人金額有變動：增加 { $more }，減少 { $less }。尚未寫入。
UI_PAY_WRITTEN_AT = 寫入時間
UI_PAY_YOU = 您
UI_PAY_YOU_HAD_A_HAND = 由您準備或核准，須由他人入帳（四眼原則）。
UI_PAY_YOU_PREPARED = 由您準備，須由他人核准（四眼原則）。

## Console: audit

NAV_AUDIT_LOG = 日誌
NAV_AUDIT_EXPORTS = 說明資料
UI_AUDIT_BY_PERSON = 關於人員
UI_AUDIT_BY_ACCOUNT = 依帳戶
UI_AUDIT_BY_THING = 關於事物
UI_AUDIT_PERSON = 員工編號或人員識別碼
UI_AUDIT_THING = 對象
UI_AUDIT_ID = 對象識別碼
UI_AUDIT_FROM = 起始日
UI_AUDIT_TO = 結束日（含）
UI_AUDIT_FOUND = 日誌內容
UI_AUDIT_ASK = 請依人員、帳戶或事物查詢：五項服務的日誌合併為一份清單，最新的在前。
UI_AUDIT_NOTHING = 在您可讀取的範圍內，這些日期沒有相關項目。
UI_AUDIT_NO_DAY = 「{ $text }」不是日期：請寫成 2026-03-31 的形式
UI_AUDIT_NOBODY = 在您可讀取的範圍內，沒有員工編號為「{ $text }」的人員
UI_AUDIT_NO_ACCOUNT = 您可讀取名稱的帳戶中沒有「{ $text }」：請填寫其識別碼
UI_AUDIT_SILENT = 這些服務未回應，因此缺少其項目。請重試。
UI_AUDIT_NEWEST = 回到最新
UI_AUDIT_OLDER = 較早的項目
UI_AUDIT_WHEN = 時間
UI_AUDIT_WHO = 操作者
UI_AUDIT_WHAT = 操作內容
UI_AUDIT_LOG_OF = 所屬日誌
UI_AUDIT_NOTES = 備註
UI_AUDIT_ACTION = 動作
UI_AUDIT_METHOD = Rpc
UI_AUDIT_POSITION = 鏈中位置
UI_AUDIT_SERVICE = { $name }服務
UI_AUDIT_NOBODY_SIGNED_IN = 無人登入
UI_AUDIT_EXPORTS_SAID = 從整體到單筆紀錄：考核週期的成績單、每次結算及其各列、每張結算單及其對應的紀錄。每份清單都可依所見下載。
UI_AUDIT_NO_MONTHS = 尚無已發布的考核週期。
UI_AUDIT_A_CORRECTION = 更正
UI_AUDIT_CARDS = 考核週期與成績單
UI_AUDIT_LOG_OF_IT = 相關日誌
WORD_SERVICE_IDENTITY = 身分
WORD_SERVICE_ATTENDANCE = 出勤
WORD_SERVICE_PERFORMANCE = 績效
WORD_SERVICE_COMPENSATION = 薪酬
WORD_SERVICE_TALENT = 人才
WORD_THING_ACCOUNT = 客服帳號
WORD_THING_ALIAS = 別名
WORD_THING_API_KEY = API 金鑰
WORD_THING_ATTRIBUTION_RUN = 歸屬運算
WORD_THING_BREAK_GLASS = 緊急授權
WORD_THING_CARD = 成績單
WORD_THING_CATALOGUE = 目錄
WORD_THING_CLAIM = 認領
WORD_THING_CORRECTION = 更正
WORD_THING_CYCLE = 考核週期
WORD_THING_DATA_KEY = 資料金鑰
WORD_THING_DELEGATION = 委派
WORD_THING_DEVICE = 裝置
WORD_THING_ERASURE = 個人資料刪除申請
WORD_THING_EVENT = 事件
WORD_THING_FINDING = 發現事項
WORD_THING_GRANT = 授權
WORD_THING_HANDOVER = 交接
WORD_THING_HOLD = 法律保全
WORD_THING_MEASURE = 指標值
WORD_THING_OBSERVATION = 觀測值
WORD_THING_ORG_UNIT = 組織單位
WORD_THING_PAY_CORRECTION = 薪酬更正
WORD_THING_PERSON = 人員
WORD_THING_POOL = 獎金池
WORD_THING_PRINCIPAL = 登入主體
WORD_THING_PUNCH = 打卡
WORD_THING_RATE = 匯率
WORD_THING_RECORD = 服務紀錄
WORD_THING_REGION = 區域
WORD_THING_REPLIES = 回覆
WORD_THING_RETENTION = 保存期限
WORD_THING_ROLE = 角色
WORD_THING_ROSTER = 班表
WORD_THING_ROW = 清單的列
WORD_THING_SCHEDULE = 定期結帳排程
WORD_THING_SCHEDULE_RUN = 定期結帳的執行
WORD_THING_SCHEME = 考核方案
WORD_THING_SESSION = 工作階段
WORD_THING_SETTLEMENT = 結算
WORD_THING_SITE = 據點
WORD_THING_SSO_PROVIDER = 單一登入提供者
WORD_THING_STATEMENT = 結算單
WORD_THING_SUBJECT = 事物的日誌
WORD_THING_TABLE = 資料表
WORD_THING_TENANT = 集團
WORD_THING_TRANSFER = 跨區域傳輸
WORD_DID_ATTENDANCE_ACCOUNT_READ = 檢視客服帳號
WORD_DID_ATTENDANCE_ACCOUNT_WRITE = 寫入客服帳號
WORD_DID_ATTENDANCE_ALIAS_READ = 檢視別名
WORD_DID_ATTENDANCE_ALIAS_WRITE = 寫入別名
WORD_DID_ATTENDANCE_CORRECTION_APPROVE = 核准更正
WORD_DID_ATTENDANCE_CORRECTION_MAKE = 直接更正
WORD_DID_ATTENDANCE_CORRECTION_READ = 檢視更正
WORD_DID_ATTENDANCE_CORRECTION_REJECT = 駁回更正
WORD_DID_ATTENDANCE_CORRECTION_REQUEST = 申請更正
WORD_DID_ATTENDANCE_CORRECTION_WITHDRAW = 撤回更正
WORD_DID_ATTENDANCE_DEVICE_READ = 檢視裝置
WORD_DID_ATTENDANCE_DEVICE_WRITE = 寫入裝置
WORD_DID_ATTENDANCE_HANDOVER_IMPORT = 匯入交接
WORD_DID_ATTENDANCE_HANDOVER_READ = 檢視交接
WORD_DID_ATTENDANCE_HANDOVER_RECORD = 交接帳號
WORD_DID_ATTENDANCE_OCCUPANCY_READ = 檢視帳號持有情況
WORD_DID_ATTENDANCE_PUNCH_IMPORT = 匯入打卡
WORD_DID_ATTENDANCE_PUNCH_READ = 檢視打卡
WORD_DID_ATTENDANCE_PUNCH_RECORD = 打卡
WORD_DID_ATTENDANCE_ROSTER_READ = 檢視班表
WORD_DID_ATTENDANCE_ROSTER_WRITE = 寫入班表
WORD_DID_ATTENDANCE_SITE_WRITE = 寫入據點
WORD_DID_COMPENSATION_CORRECTION_APPROVE = 核准薪酬更正
WORD_DID_COMPENSATION_CORRECTION_DRAFT = 草擬薪酬更正
WORD_DID_COMPENSATION_CORRECTION_WITHDRAW = 撤回薪酬更正
WORD_DID_COMPENSATION_POOL_CREATE = 建立獎金池
WORD_DID_COMPENSATION_POOL_READ = 檢視獎金池
WORD_DID_COMPENSATION_SETTLEMENT_APPROVE = 核准結算
WORD_DID_COMPENSATION_SETTLEMENT_DISCARD = 作廢結算
WORD_DID_COMPENSATION_SETTLEMENT_DRAFT = 草擬結算
WORD_DID_COMPENSATION_SETTLEMENT_POST = 結算入帳
WORD_DID_COMPENSATION_SETTLEMENT_READ = 檢視結算
WORD_DID_COMPENSATION_STATEMENT_READ = 檢視結算單
WORD_DID_COMPENSATION_STATEMENT_READ_PAY = 檢視薪酬
WORD_DID_IDENTITY_API_KEY_CREATE = 建立 API 金鑰
WORD_DID_IDENTITY_API_KEY_EXCHANGE = 以 API 金鑰登入
WORD_DID_IDENTITY_API_KEY_REVOKE = 撤銷 API 金鑰
WORD_DID_IDENTITY_BREAK_GLASS_END = 結束緊急授權
WORD_DID_IDENTITY_BREAK_GLASS_OPEN = 啟用緊急授權
WORD_DID_IDENTITY_BREAK_GLASS_REFUSE = 緊急授權遭拒絕
WORD_DID_IDENTITY_BREAK_GLASS_REVIEW = 複核緊急授權
WORD_DID_IDENTITY_CATALOGUE_IMPORT = 匯入目錄
WORD_DID_IDENTITY_DELEGATION_END = 結束委派
WORD_DID_IDENTITY_DELEGATION_WRITE = 委派權限
WORD_DID_IDENTITY_EMPLOYMENT_END = 結束任職
WORD_DID_IDENTITY_ENTITLEMENT_WRITE = 變更集團模組
WORD_DID_IDENTITY_ERASURE_APPROVE = 核准刪除申請
WORD_DID_IDENTITY_ERASURE_REJECT = 駁回刪除申請
WORD_DID_IDENTITY_ERASURE_REQUEST = 申請刪除個人資料
WORD_DID_IDENTITY_ERASURE_WITHDRAW = 撤回刪除申請
WORD_DID_IDENTITY_GRANT_READ = 檢視授權
WORD_DID_IDENTITY_GRANT_REVOKE = 收回角色
WORD_DID_IDENTITY_GRANT_WRITE = 授予角色
WORD_DID_IDENTITY_HOLD_LIFT = 解除法律保全
WORD_DID_IDENTITY_HOLD_SET = 設定法律保全
WORD_DID_IDENTITY_LOGIN_CREATE = 建立登入帳號
WORD_DID_IDENTITY_ORG_CLOSE = 裁撤單位
WORD_DID_IDENTITY_ORG_IMPORT = 匯入單位
WORD_DID_IDENTITY_ORG_MERGE = 合併單位
WORD_DID_IDENTITY_PASSWORD_CHANGE = 變更自己的密碼
WORD_DID_IDENTITY_PASSWORD_RESET = 重設密碼
WORD_DID_IDENTITY_PERSON_EXPORT = 匯出個人資料
WORD_DID_IDENTITY_PERSON_IMPORT = 匯入人員
WORD_DID_IDENTITY_PERSON_READ = 檢視人員
WORD_DID_IDENTITY_PERSON_READ_PII = 檢視個人身分
WORD_DID_IDENTITY_PERSON_RECTIFY = 更正個人身分
WORD_DID_IDENTITY_RATE_SET = 寫入匯率
WORD_DID_IDENTITY_REPORTING_SET = 設定呈報關係
WORD_DID_IDENTITY_REPORTING_END = 結束呈報關係
WORD_DID_IDENTITY_RETENTION_SET = 設定保存期限
WORD_DID_IDENTITY_ROLE_DEFINE = 定義角色
WORD_DID_IDENTITY_ROLE_RETIRE = 停用角色
WORD_DID_IDENTITY_SECOND_FACTOR_BEGIN = 開始設定第二重驗證
WORD_DID_IDENTITY_SECOND_FACTOR_CONFIRM = 確認第二重驗證
WORD_DID_IDENTITY_SECOND_FACTOR_REMOVE = 移除第二重驗證
WORD_DID_IDENTITY_SERVICE_ACCOUNT_CREATE = 建立服務帳戶
WORD_DID_IDENTITY_SESSION_END = 結束工作階段
WORD_DID_IDENTITY_SESSION_END_ALL = 結束所有工作階段
WORD_DID_IDENTITY_SESSION_REFRESH = 延續工作階段
WORD_DID_IDENTITY_SESSION_SIGN_IN = 登入
WORD_DID_IDENTITY_SSO_PUT = 信任單一登入提供者
WORD_DID_IDENTITY_SSO_REMOVE = 移除單一登入提供者
WORD_DID_IDENTITY_TENANT_INIT = 建立集團
WORD_DID_PERFORMANCE_CARD_READ = 檢視成績單
WORD_DID_PERFORMANCE_CLAIM_MAKE = 認領對話
WORD_DID_PERFORMANCE_CLAIM_WITHDRAW = 撤回認領
WORD_DID_PERFORMANCE_CREDIT_READ = 檢視歸屬
WORD_DID_PERFORMANCE_CREDIT_EXPORT = 匯出歸屬
WORD_DID_PERFORMANCE_CYCLE_CANCEL = 取消結帳
WORD_DID_PERFORMANCE_CYCLE_CLOSE = 開始結帳
WORD_DID_PERFORMANCE_CYCLE_FAIL = 結帳失敗
WORD_DID_PERFORMANCE_CYCLE_PROGRESS = 繼續結帳
WORD_DID_PERFORMANCE_CYCLE_PUBLISH = 發布考核週期
WORD_DID_PERFORMANCE_CYCLE_READ = 檢視考核週期
WORD_DID_PERFORMANCE_CYCLE_SCORE = 為考核週期評分
WORD_DID_PERFORMANCE_CYCLE_WRITE = 寫入考核週期
WORD_DID_PERFORMANCE_FINDING_APPLY_FIX = 套用發現事項的更正
WORD_DID_PERFORMANCE_OBSERVATION_IMPORT = 匯入觀測值
WORD_DID_PERFORMANCE_OBSERVATION_READ = 檢視觀測值
WORD_DID_PERFORMANCE_OBSERVATION_WITHDRAW = 撤回觀測值
WORD_DID_PERFORMANCE_RECORD_IMPORT = 匯入服務紀錄
WORD_DID_PERFORMANCE_RECORD_MOVE = 移動服務紀錄
WORD_DID_PERFORMANCE_RECORD_READ = 檢視服務紀錄
WORD_DID_PERFORMANCE_RECORD_WITHDRAW = 撤回服務紀錄
WORD_DID_PERFORMANCE_REPLY_IMPORT = 匯入回覆
WORD_DID_PERFORMANCE_RUN_ATTRIBUTE = 歸屬服務紀錄
WORD_DID_PERFORMANCE_RUN_COLLECT = 收集歸屬運算所需資料
WORD_DID_PERFORMANCE_RUN_PROGRESS = 繼續歸屬運算
WORD_DID_PERFORMANCE_CLAIM_IMPORT = 匯入認領
WORD_DID_PERFORMANCE_RUN_START = 開始歸屬運算
WORD_DID_PERFORMANCE_SCHEME_EXPORT = 匯出考核方案
WORD_DID_PERFORMANCE_SCHEME_IMPORT = 匯入考核方案
WORD_DID_PERFORMANCE_SCHEME_WITHDRAW = 停用考核方案
WORD_DID_PERFORMANCE_SCHEME_WRITE = 寫入考核方案
WORD_DID_PERFORMANCE_TRANSFER_APPROVE = 核准跨區域傳輸
WORD_DID_PERFORMANCE_TRANSFER_PREPARE = 準備跨區域傳輸
WORD_DID_PERFORMANCE_TRANSFER_RELEASE = 放行跨區域傳輸
WORD_DID_SUITE_AUDIT_SEARCH = 查詢日誌
WORD_DID_SUITE_PERSON_ERASE = 刪除個人資料
WORD_DID_SUITE_PERSON_EXPORT = 匯出個人資料
WORD_DID_SUITE_RETENTION_RUN = 移除到期資料
WORD_DID_SUITE_TENANT_EXPORT = 匯出集團資料
WORD_DID_TALENT_EVIDENCE_READ = 檢視證據
WORD_DID_TALENT_EVIDENCE_RECORD = 記錄證據
WORD_DID_TALENT_PROFILE_READ = 檢視人才檔案

## Console: platform


## Console: checks and replays, holds, retention, erasure and schedules

REPLAY_ACCOUNT_FIGURES = 帳號的數字與其歸屬的合計不符
REPLAY_ADJUSTMENTS_OTHER = 更正款項的支付或扣回金額不同
REPLAY_AMOUNT_OTHER = 分數或金額不同
REPLAY_CREDITED = 歸屬 { $records } 筆紀錄
REPLAY_DIGEST_OTHER = 考核週期的摘要值與其輸入和結果不符
REPLAY_FIGURES = 紀錄 { $records } 筆，其中 { $unattributed } 筆未歸屬任何人；歸屬於本週期人員 { $credited } 筆；成績單 { $people } 份
REPLAY_FIGURES_OTHER = 考核週期的數字與其歸屬和成績單的合計不符
REPLAY_LINE_OTHER = 得出金額的步驟不同
REPLAY_NOT_DERIVED = 已儲存，但無法由輸入推算得出
REPLAY_NOT_STORED = 可由輸入推算得出，但沒有儲存
REPLAY_REASON_OTHER = 人員和份額相同，但依據不同
REPLAY_STATEMENT = { $amount }，分數 { $score }
    .alone = 不含獎金池的金額
    .adjusted = { $line }，另有更正款項 { $adjusted }
REPLAY_SUMS = 總額 { $pool }：個人 { $paid }，基金 { $funds }；更正款項 { $adjusted }；結算單 { $people } 張
REPLAY_SUMS_OTHER = 結算的合計與其結算單不符
REPLAY_SUM_OTHER = 各項指標值的份額合計不同
REPLAY_UNREADABLE = 儲存的內容無法讀取：不是當時寫入的內容
NAV_AUDIT_CHAIN = 日誌檢查
NAV_AUDIT_REPLAY = 重算比對
UI_CHAIN_SAID = 每項服務都以日誌記下在集團內做過和檢視過什麼。每個項目都與前一個項目相連，最新的項目有簽章，每一列資料都指明寫入它的項目。檢查會全部重讀一遍：其間遭變更、插入或刪除的內容都會被發現並指明。
UI_CHAIN_SERVICE = 哪一份日誌
UI_CHAIN_ALL = 全部
UI_CHAIN_CHECK = 檢查
UI_CHAIN_CHECKING = 正在讀取日誌
UI_CHAIN_RESULT = 檢查結果
UI_CHAIN_CHECKED = 已檢查 { $count } 個項目
UI_CHAIN_WHOLE = 完好
UI_CHAIN_BROKEN = 有錯誤
UI_CHAIN_UNKNOWN = 未知
UI_CHAIN_HOLDS = { $entries } 個項目和 { $rows } 列與寫入時一致。
UI_CHAIN_FAILS = 已讀取 { $entries } 個項目和 { $rows } 列。以下內容與寫入時不一致（每條鏈和每張資料表只列第一處）：
UI_CHAIN_EMPTY = 這份日誌還沒有項目。
UI_CHAIN_FROM = 第一個項目
UI_CHAIN_TO = 最後一個項目
UI_CHAIN_OUTSIDE = 維運人員還可以用 tally audit verify 將日誌與存放在別處的已簽章鏈頭比對：這樣能發現整個資料庫被換回舊版本。
UI_REPLAY_SAID = 已結帳的月份由當時的事實、紀錄，以及政策和考核方案的版本得出。重算比對會重新推算一遍，並與儲存的結果比對。不會變更任何內容。
UI_REPLAY_WHAT = 哪個考核週期或結算
UI_REPLAY_CYCLES = 考核週期
UI_REPLAY_SETTLEMENTS = 結算
UI_REPLAY_RUN = 重算比對
UI_REPLAY_NONE = 還沒有您可以檢視的已結帳考核週期。有考核週期結帳後，可在此重算比對。
UI_REPLAY_RUNNING = 正在重新推算
UI_REPLAY_RESULT = 重算比對結果
UI_REPLAY_SAME = 相同
UI_REPLAY_DIFFERENT = 不同
UI_REPLAY_CYCLE_SAME = 已重新推算 { $credits } 筆歸屬和 { $cards } 份成績單。儲存的內容完全相同，精確到百萬分之一。
UI_REPLAY_CYCLE_DIFFERENT = 已重新推算 { $credits } 筆歸屬和 { $cards } 份成績單。有 { $differing } 處與儲存的內容不同。
UI_REPLAY_PAY_SAME = 已重新推算 { $statements } 張結算單。儲存的內容完全相同，精確到分。
UI_REPLAY_PAY_DIFFERENT = 已重新推算 { $statements } 張結算單。有 { $differing } 處與儲存的內容不同。
UI_REPLAY_DIGESTS = 摘要值
UI_REPLAY_DIGEST = 輸入和結果
UI_REPLAY_DIGEST_CREDITS = 歸屬
UI_REPLAY_DIGEST_INPUTS = 輸入
UI_REPLAY_THEN = 當時
UI_REPLAY_NOW = 現在
UI_REPLAY_FIRST = 這裡列出前 { $count } 處。
UI_REPLAY_RENAMED = 結果相同但摘要值不同：有內容現在使用別的名稱（例如某人的個人資料已刪除），或時區資料庫的版本不同。
UI_REPLAY_WHERE = 位置
UI_REPLAY_STORED = 儲存的
UI_REPLAY_DERIVED = 推算的
UI_REPLAY_WHY = 有何不同
UI_REPLAY_OF_CREDIT = { $account } 上 { $record } 的歸屬
UI_REPLAY_OF_ACCOUNT = 帳號 { $account }
UI_REPLAY_OF_SUM = { $person } 的合計
UI_REPLAY_OF_CARD = { $person } 的成績單
UI_REPLAY_OF_CYCLE = 考核週期
UI_REPLAY_OF_STATEMENT = { $person } 的結算單
UI_REPLAY_OF_SETTLEMENT = 結算
UI_REPLAY_MASKED = 儲存的和推算的內容，只顯示給可以檢視成績單和薪酬的人。
UI_REPLAY_BROKE = 未能完成。
WORD_DID_COMPENSATION_SETTLEMENT_REPLAY = 重算比對結算
WORD_DID_PERFORMANCE_CYCLE_REPLAY = 重算比對考核週期
WORD_DID_SUITE_AUDIT_VERIFY = 檢查日誌
NAV_SCHEDULES = 定期結帳
NAV_HOLDS = 法律保全
NAV_RETENTION = 保存期限
NAV_ERASURES = 個人資料刪除
UI_HOLD_ON = 保全對象
UI_HOLD_BY = 設定人
UI_HOLD_STANDS = 生效中
UI_HOLD_LIFTED = { $at } 解除：{ $reason }
UI_NO_HOLDS = 目前沒有法律保全。
UI_NEW_HOLD = 設定法律保全
UI_HOLDS_SAID = 受法律保全的資料，任何服務都不會刪除，到期也不會移除。
UI_HOLD_ALL_HINT = 留空表示保全整個集團。
UI_LIFT_HOLD = 解除法律保全
UI_LIFT_SAID = { $of } 受法律保全（{ $reason }）。解除後，到期的資料可能會永久移除。
UI_NAME_NOBODY = 例如案件編號。請勿填寫姓名：此處的保存時間比個人資料更長。
UI_MONTHS_KEPT = 保存月數
UI_MONTHS_BOUNDS = 可設範圍
UI_MONTHS_WITHIN = { $least } 至 { $most }；未設定時為 { $usual }
UI_COUNTED_FROM = 起算時間
UI_WHY_KEPT = 保存原因
UI_RETENTION_SAID = 各項服務對每類資料的保存期限。到期的資料由維運人員安排的清理作業移除。
UI_RETENTION_SHORTER = 若縮短月數，下次清理會永久移除屆時到期的資料。
UI_NUMBER_WANTED = 請填寫整數。
UI_ERASURE_WAITS = 待核准
UI_ERASURE_UNDER_WAY = 進行中
UI_ERASURE_COMPLETED = 已全部刪除
UI_ERASURE_DROPPED = 已撤銷
UI_WHY_DROPPED = 撤銷原因
UI_NO_ERASURES = 還沒有刪除申請。
UI_NEW_ERASURE = 申請刪除個人資料
UI_ERASURES_SAID = 已離職者的個人資料，須由一人申請、另一人核准後才會刪除。他人薪酬所依據的結果會保留，但不含姓名。
UI_APPROVE_ERASURE = 核准並刪除
UI_APPROVE_ERASURE_SAID = 將在所有服務中刪除 { $name } 的個人資料。此操作無法復原。
UI_REJECT_ERASURE = 駁回
UI_WITHDRAW_ERASURE = 撤回
UI_WHAT_SERVICES_DID = 各項服務的處理情形
UI_ROWS_ERASED = 清除的列數
UI_NEXT_CLOSING = 下次結帳
UI_LAST_RUN_FAILED = 上次執行失敗
UI_RUNS_BY_ITSELF = 自動執行
UI_NO_SCHEDULES = 還沒有定期結帳。
UI_SCHEDULES_SAID = 自動結帳的月份。不會自動發布。定期結帳排程經由 rpc 建立（CreateSchedule）。
UI_CLOSES = 結帳時間
UI_CLOSES_ON = 次月 { $day } 日 { $time }（{ $zone }）
UI_LOOKS_FIRST = 先預檢
UI_WAITS_MINUTES = { $minutes } 分鐘後結帳，期間可停止
UI_WAS_DUE = 預定時間
UI_GOES_ON = 繼續時間
UI_STOP_RUN = 停止這次執行
UI_BEGIN_MONTH = 手動開始月份
UI_BEGIN_SAID = 適用於已結束而尚未開始，或執行失敗、已停止的月份。
UI_MONTH = 月份
UI_MONTH_HINT = 例如 2026-03。
UI_SCHEDULE_RUNS = 執行紀錄
UI_NO_RUN_YET = 還沒有執行過。
WORD_SCHEDULE_RUN_STATE_LOOKING = 預檢中
WORD_SCHEDULE_RUN_STATE_WAITING = 等待結帳
WORD_SCHEDULE_RUN_STATE_CLOSING = 結帳中
WORD_SCHEDULE_RUN_STATE_DONE = 已結帳
WORD_SCHEDULE_RUN_STATE_FAILED = 失敗
WORD_SCHEDULE_RUN_STATE_STOPPED = 已停止
DONE_HOLD_SET = 已設定法律保全。
DONE_HOLD_LIFTED = 已解除法律保全。
DONE_RETENTION_SET = 已儲存保存月數。
DONE_ERASURE_ASKED = 已申請，須由他人核准。
DONE_ERASURE_APPROVED = 已核准，各項服務正在刪除。
DONE_ERASURE_REJECTED = 已駁回。
DONE_ERASURE_WITHDRAWN = 已撤回。
DONE_SCHEDULE_RUN_STOPPED = 已停止這次執行。
DONE_SCHEDULE_RUN_BEGUN = 已開始該月份。
