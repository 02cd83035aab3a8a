### Tally의 한국어 문장입니다. 아이디와 인수는 en.ftl과 같습니다. 한 언어가 한 파일입니다.


## Parts

LIST_SEPARATOR = { "; " }
REFUSED_BECAUSE = { $kind } ({ $told })
KIND_INVALID_ARGUMENT = 요청이 잘못되었습니다. 요청을 고치십시오
KIND_NOT_FOUND = 조회할 수 있는 대상이 없습니다
KIND_ALREADY_EXISTS = 이미 있습니다
KIND_ABORTED = 다른 사람이 변경했습니다. 다시 읽으십시오
KIND_FAILED_PRECONDITION = 현재 상태에서는 할 수 없습니다
KIND_PERMISSION_DENIED = 이 작업을 할 권한이 없습니다
KIND_UNAUTHENTICATED = 먼저 로그인하십시오
KIND_RESOURCE_EXHAUSTED = 한꺼번에 요청이 너무 많습니다. 잠시 후 다시 시도하십시오
KIND_UNAVAILABLE = 서비스를 사용할 수 없습니다. 잠시 후 다시 시도하십시오
KIND_DEADLINE_EXCEEDED = 시간이 너무 오래 걸렸습니다
KIND_CANCELLED = 호출이 취소되었습니다
KIND_UNIMPLEMENTED = 해당 주소에서는 이 기능을 제공하지 않습니다

## Kinds of things

RESOURCE_ACCOUNT = 계정
RESOURCE_ALIAS = 별칭
RESOURCE_API_KEY = API 키
RESOURCE_CARD_OF_PERSON = 직원의 평가표
RESOURCE_COMPONENT = 지표
RESOURCE_CORRECTION = 정정
RESOURCE_CYCLE = 평가 주기
RESOURCE_DEVICE = 기기
RESOURCE_DELEGATION = 위임
RESOURCE_EMERGENCY = 긴급 권한
RESOURCE_EMPLOYMENT = 고용
RESOURCE_ERASURE = 개인정보 삭제
RESOURCE_FINDING = 점검 사항
RESOURCE_GRANT = 권한 부여
RESOURCE_HANDOVER = 인수인계
RESOURCE_HOLD = 법적 보존
RESOURCE_LEAVE = 휴가
RESOURCE_LOGIN = 로그인
RESOURCE_ATTRIBUTION_RUN = 귀속 계산
RESOURCE_ORG_UNIT = 조직
RESOURCE_PAGE = 페이지
RESOURCE_PERSON = 직원
RESOURCE_POOL = 성과급 재원
RESOURCE_POSITION = 직책
RESOURCE_PRINCIPAL = 로그인 주체
RESOURCE_PROFILE_OF_PERSON = 직원의 역량 프로필
RESOURCE_PROVIDER = 싱글 사인온 제공자
RESOURCE_PUNCH = 출퇴근 체크
RESOURCE_RECORD = 기록
RESOURCE_MEASURE = 측정값
RESOURCE_CLAIM = 담당 등록
RESOURCE_OBSERVATION = 관측값
RESOURCE_REPORTING_LINE = 보고 라인
RESOURCE_SCHEDULE = 마감 예약
RESOURCE_ROLE = 역할
RESOURCE_RUN_OF_A_SCHEDULE = 마감 예약의 실행
RESOURCE_SCHEME = 평가 체계
RESOURCE_SCHEME_VERSION = 평가 체계 버전
RESOURCE_SERVICE_ACCOUNT = 서비스 계정
RESOURCE_SESSION = 세션
RESOURCE_SETTLEMENT = 정산
RESOURCE_SHIFT = 근무 일정
RESOURCE_STATEMENT_OF_PERSON = 직원의 명세서
RESOURCE_TRANSFER = 지역 간 전송
RESOURCE_UPLOAD = 업로드

## Every service

INTERNAL = 시스템에 문제가 생겼습니다. 자세한 내용은 운영자의 로그에 있습니다
INTERNAL_DETAILS = 조사에 필요한 상세 정보: { $details }
NOT_FOUND = 조회할 수 있는 { $resource } 중에 { $id } 항목이 없습니다
    .unit_on = 기준일 { $day }에 조회할 수 있는 { $id } 조직이 없습니다. 그 전에 폐지되었거나, 나중에 신설되거나, 존재한 적이 없습니다(ListOrgUnits에 as_of를 지정하면 그날의 조직을 볼 수 있습니다)
    .goes_on = { $id } 조직은 기준일 { $day } 전에 폐지되었고 소속 직원은 { $into } 조직으로 옮겨졌습니다. 옮겨 간 조직을 지정하십시오
    .id_number = 조회할 수 있는 직원 중에 이 신분증 번호를 가진 사람이 없습니다
    .removed = { $missing }. { $day } 이전의 데이터라면 보존 기간이 지나 삭제되었을 수 있습니다
INVALID_REQUEST = 잘못된 필드가 { $count }개 있습니다. 상세 정보에서 각 필드를 확인하십시오
INVALID_FIELD = { $field }: { $problem }
LIST_EMPTY = 하나 이상 입력하십시오
NAME_ONE_OF = { $fields } 중 정확히 하나만 입력하십시오
CHANGE_MISSING = 무엇을 변경할지 입력하십시오
DATE_EXPECTED = 날짜를 YYYY-MM-DD 형식으로 입력하십시오
    .month = 월을 YYYY-MM 형식으로 입력하십시오
TEXT_EMPTY = 비워 둘 수 없습니다
TEXT_TOO_LONG = 최대 { $max }자까지 입력할 수 있습니다
ID_MALFORMED = UUID를 입력하십시오
DATE_MALFORMED = { $field }: 날짜를 YYYY-MM-DD 형식으로 쓰십시오
    .text = “{ $text }” 값은 날짜가 아닙니다. YYYY-MM-DD 형식으로 쓰십시오
DATES_BACKWARDS = 종료일 { $last } 날짜가 시작일 { $first } 날짜보다 앞섭니다
INSTANT_INVALID = 1년부터 9999년 사이의 시각을 입력하십시오
TEXT_UNUSABLE = { $field }: 1자 이상 { $max }자 이하로 입력하십시오
ROWS_TOO_MANY = 한 번의 호출에 최대 { $max }행까지 보낼 수 있는데 { $count }행입니다. 여러 번 나누어 보내십시오
ROWS_MISSING = 행이 없습니다. 한 행 이상 보내십시오
NOTHING_CHANGES = 이미 그렇게 되어 있습니다
    .fix = 이미 바로잡혔고 이 점검 사항은 그 이전의 것입니다. 평가 주기를 다시 마감하거나(CloseCycle, 공개된 경우 CorrectCycle) 귀속 계산을 새로 시작한 뒤 점검 사항을 확인하십시오
PAGE_TOKEN_INVALID = 페이지 토큰이 이 목록의 것이 아닙니다. 토큰 없이 처음부터 다시 시작하십시오

## Numbers, money, time

DECIMAL_MALFORMED = “{ $text }” 값은 소수점 이하 여섯 자리까지의 수가 아닙니다
SHARE_OUT_OF_RANGE = 몫은 백만분율로 0부터 1000000까지이며 { $ppm }일 수 없습니다
CURRENCY_UNKNOWN = “{ $text }” 값은 유효한 ISO 4217 통화 코드가 아닙니다. CNY처럼 대문자 세 글자로 쓰십시오
AMOUNT_MALFORMED = “{ $text }” 값은 금액이 아닙니다. 1234.50처럼 숫자와 소수점 하나까지만 쓰고, 자릿수 구분 기호나 통화 기호는 쓰지 마십시오
AMOUNT_TOO_FINE = “{ $text }” 값은 { $currency } 통화가 허용하는 자릿수를 넘습니다. 소수점 이하 최대 { $digits }자리까지 쓰십시오
AMOUNT_TOO_LARGE = 금액이 너무 큽니다
CURRENCY_MISMATCH = { $one } 금액과 { $other } 금액은 더할 수 없습니다. 먼저 한쪽을 환산하십시오
    .pool = 성과급 재원의 통화는 { $pool }인데 다른 금액의 통화는 { $other }입니다. 한 정산에는 한 가지 통화만 쓸 수 있습니다
RATE_MALFORMED = “{ $text }” 값은 환율이 아닙니다. 7.1234처럼 숫자와 소수점 하나까지만 쓰고, 소수점 이하는 12자리, 전체는 18자리를 넘지 마십시오
RATE_NOT_POSITIVE = 환율은 0보다 커야 합니다. 앞 통화 1단위가 뒤 통화로 얼마인지 쓰십시오
RATE_MISSING = { $day }에 적용되는 { $from } → { $to } 환율이 없습니다. 그날이나 그 전부터 유효한 환율을 SetRates로 등록한 뒤 다시 하십시오
SPLIT_WITHOUT_PEOPLE = 나누어 받을 사람이 없습니다
SPLIT_WITHOUT_WEIGHT = 가중치가 모두 0이어서 나눌 기준이 없습니다
SPLIT_DUPLICATE_ID = 같은 아이디가 두 번 있습니다
SPLIT_WEIGHTS_TOO_LARGE = 가중치가 너무 커서 정확히 계산할 수 없습니다. 모든 가중치를 같은 수로 나누십시오
ZONE_UNKNOWN = “{ $zone }” 값은 IANA 시간대가 아닙니다. Asia/Shanghai 같은 이름을 쓰십시오
TIME_MALFORMED = “{ $text }” 값은 시각이 아닙니다. 2026-03-02T08:00:00+08:00처럼 쓰거나, 현지 시각이면 2026-03-02 08:00:00처럼 쓰십시오
TIME_IN_GAP = { $zone } 시간대에는 { $local } 시각이 없습니다. 시계를 앞당기면서 건너뛴 시각입니다
TIME_OUT_OF_RANGE = 날짜가 사용할 수 있는 범위를 벗어났습니다
PERIOD_BACKWARDS = 기간의 종료일({ $to })이 시작일({ $from })보다 앞섭니다

## Sign-in

TOKEN_MISSING = 먼저 로그인하십시오. Bearer 토큰이 전송되지 않았습니다
UNAUTHENTICATED = 먼저 로그인하십시오
TOKEN_INVALID = 여기서 유효하지 않은 토큰입니다. 다시 로그인하십시오
TOKEN_EXPIRED = 토큰이 만료되었습니다. 다시 로그인하십시오
KEY_NOT_KNOWN_YET = 이 토큰의 키를 아직 알지 못합니다. 잠시 후 다시 시도하십시오
CLOCKS_DIFFER = 시스템 서버들의 시계가 서로 다릅니다. 잠시 후 다시 시도하십시오
TOKEN_OF_ANOTHER_REGION = 다른 지역의 시스템이 발급한 토큰입니다. 여기서 로그인하십시오
SESSION_ENDED = 세션이 종료되었습니다. 다시 로그인하십시오
SIGN_IN_REFUSED = 이름, 비밀번호 또는 코드가 올바르지 않습니다. 다섯 번 틀렸다면 최대 15분 기다리십시오
SECOND_FACTOR_NEEDED = 인증 앱에 표시된 코드나 복구 코드를 보내십시오
SECOND_FACTOR_WRONG = 코드가 올바르지 않거나 이미 사용되었습니다. 다음 코드를 기다리고 시계가 맞는지 확인하십시오
PASSWORD_MUST_CHANGE = 이 비밀번호는 한 번만 쓸 수 있습니다. 새 비밀번호를 new_password로 함께 보내십시오
PASSWORD_WEAK = 추측하기 너무 쉽습니다. 서로 관련 없는 단어 네 개를 쓰십시오
    .why = 추측하기 너무 쉽습니다({ $why }). 서로 관련 없는 단어 네 개를 쓰십시오
WEAK_BY_KEYBOARD = 키보드에서 나란히 있는 글자는 가장 먼저 추측됩니다
WEAK_BY_REPEATS = 반복해도 추측하기 어려워지지 않습니다
WEAK_BY_FAME = 가장 많이 쓰이는 비밀번호 중 하나이거나 그와 비슷합니다
WEAK_BY_SEQUENCE = abc나 6543 같은 순서는 가장 먼저 추측됩니다
WEAK_BY_DATE = 연도와 날짜는 가장 먼저 추측됩니다
WEAK_BY_WORD = 단어나 이름 하나만 쓰면 가장 먼저 추측됩니다
PASSWORD_UNUSABLE = 12자 이상 256자 이하로 입력하십시오
LOGIN_MALFORMED = 문자, 숫자와 . _ - @ + 기호로 2자 이상 100자 이하로 입력하십시오
LOGIN_TAKEN = 다른 사람이 이미 쓰는 로그인 이름입니다
PERSON_HAS_LOGIN = 이 직원은 이미 로그인이 있습니다. 한 사람은 로그인을 하나만 가질 수 있습니다
REFRESH_REFUSED = 해당 세션이 없거나 이미 종료되었습니다. 다시 로그인하십시오
REFRESH_REUSED = 이미 사용된 갱신 토큰이어서 안전을 위해 세션을 종료했습니다. 다시 로그인하십시오
NO_PASSWORD = 이 로그인 주체는 비밀번호 없이 로그인합니다
RESET_ONESELF = 자신의 비밀번호는 기존 비밀번호를 입력하여 변경하십시오(ChangePassword)
LOGIN_HOLDS_MORE = 이 로그인에는 귀하가 부여할 수 없는 { $permission } 권한이 있습니다. 부여할 수 있는 사람에게 요청하십시오
SECOND_FACTOR_ALREADY_EXISTS = 2차 인증이 이미 등록되어 있습니다. 먼저 해제하십시오
SECOND_FACTOR_MISSING = 2차 인증이 없습니다. EnrollTotp로 등록을 시작하십시오
API_KEY_REFUSED = 해당 키가 없거나 만료되었습니다. 새 키를 만드십시오
TOO_MANY_KEYS = 한 계정에 유효한 키는 최대 { $max }개입니다. 먼저 하나를 폐기하십시오
KEY_LIFE_UNUSABLE = expires_at: 앞으로 올 시각이며 최대 { $days }일 이내여야 합니다
PROVIDER_UNKNOWN = 이 이름의 싱글 사인온 제공자가 없습니다
PROVIDER_MALFORMED = a-z, 0-9, - 기호로 2자 이상 50자 이하로 입력하십시오
PROVIDER_NAME_TAKEN = 다른 그룹에 이 이름의 제공자가 있습니다. 다른 이름을 쓰십시오
ADDRESS_MALFORMED = https://(루프백에서는 http://도 가능)로 시작하고 # 기호와 사용자 이름이 없는 주소를 입력하십시오
SSO_PROVIDER_AWAY = 인증 제공자에 연결할 수 없거나 응답이 올바르지 않습니다. 잠시 후 다시 시도하십시오
SSO_STATE_REFUSED = 이 로그인은 만료되었거나 다른 곳에서 시작되었습니다. 다시 시작하십시오
SSO_REFUSED = 인증 제공자의 확인을 받아들이지 못했습니다. 다시 시작하십시오
SSO_LOGIN_UNKNOWN = 인증 제공자는 귀하를 확인했지만 여기에는 귀하의 로그인이 없습니다. 관리자에게 요청하십시오
EMPLOYMENT_ENDED = 오늘 재직 중이 아닙니다. 그룹의 인사 담당자에게 문의하십시오
MODULE_NOT_ENTITLED = 그룹에 { $module } 모듈이 없습니다. 시스템 운영자에게 문의하십시오
TENANT_SUSPENDED = 그룹이 정지되었습니다. 시스템 운영자가 해제할 수 있습니다
REGION_NOT_SERVED = { $region } 지역의 데이터는 그 지역의 시스템에 있습니다. 그곳으로 호출을 보내십시오(이 시스템의 지역: { $served })
    .file = 이 파일은 { $region } 지역용입니다. 그 지역에서 가져오십시오
FIELD_NOT_READABLE = { $field }: 이 필드로 찾으려면 { $permission } 권한이 필요하지만 귀하에게 부여되지 않았습니다
PERMISSION_DENIED = 이 작업을 할 권한이 없습니다. 권한 부여를 요청하십시오
    .at_all = 귀하에게는 { $permission } 권한이 부여되지 않았습니다
    .here = 귀하에게 { $permission } 권한이 있지만 여기에는 적용되지 않습니다
    .group = 귀하의 { $permission } 권한은 일부 조직에만 적용되며, 조직을 지정하지 않으면 그룹 전체를 뜻합니다. 조직을 지정할 수 있는 호출이면 귀하의 조직을 지정하고, 아니면 그룹 전체에 대한 권한 부여를 요청하십시오
    .signed_in = 로그인한 사용자만 할 수 있습니다
    .other_group = 서비스는 자신이 작업하는 그룹의 권한 정보만 요청할 수 있습니다
FOUR_EYES_REQUIRED = 다른 사람이 처리해야 합니다. 앞 단계에 관여한 사람은, 그 권한을 위임했거나 위임받은 경우도 포함하여, 이 단계를 처리할 수 없습니다

## The group, its units and its people

INITIALISED_ALREADY = 이 저장소에는 이미 그룹이 있습니다. 로그인하거나, 빈 저장소로 시작하거나, 초대장을 제시하십시오
    .invited = 이미 사용된 초대장이며 그 그룹이 있습니다. 그 그룹에 로그인하거나 운영자에게 새 초대장을 요청하십시오
INVITATION_INVALID = 이 시스템의 초대장이 아니거나 온전하지 않습니다. 운영자에게 새 초대장을 요청하십시오
INVITATION_EXPIRED = 초대장이 만료되었습니다. 운영자에게 새 초대장을 요청하십시오
INVITED_ANOTHER = 초대장은 아이디가 다른 그룹을 위한 것입니다
REGION_ALREADY_EXISTS = 그룹에 { $region } 지역이 이미 있습니다
REGION_MALFORMED = 지역은 cn-north처럼 a-z, 0-9, - 기호로 1자 이상 32자 이하로 씁니다
REGION_UNUSABLE = a-z, 0-9, - 기호로 1자 이상 32자 이하로, 각각 한 번씩만 입력하십시오
REGION_IS_GLOBAL = 그룹 전체가 아니라 지역을 지정하십시오
REGION_MISSING = 그룹에 지역이 여러 개 있습니다. 지사의 지역을 지정하십시오
    .from = 이 시스템은 그룹의 여러 지역을 담당합니다. 파일이 나가는 지역을 from_region에 지정하십시오
    .switch = 이 시스템은 그룹의 여러 지역을 담당합니다. 파일이 나가는 지역을 --from REGION으로 지정하십시오
REGION_UNKNOWN = 그룹에 “{ $region }” 지역이 없습니다
REGION_DIFFERS = 지사는 { $region } 지역에 있으며 데이터는 지역 간에 옮길 수 없습니다
REGION_CROSSED = 조직들이 서로 다른 지역에 있으며 데이터는 지역 간에 옮길 수 없습니다
    .person = 이 조직은 다른 지역에 있으며 데이터는 지역 간에 옮길 수 없습니다. 여기서 고용을 종료하고, 그 지역에서 그 지역의 사번으로 입사 처리하십시오
    .manager = 이 상사는 다른 지역 소속이며 그 지역 사람은 이 지역의 데이터를 볼 수 없습니다
SUSPENDED_ALREADY = 그룹이 이미 정지되었습니다
SUSPENDED_TOO_SHORT = 그룹은 정지 후 30일이 지나야 삭제할 수 있으며 가장 이른 날은 { $from }입니다
NOT_SUSPENDED = 그룹이 사용 중입니다
NAME_DIFFERS = 올바른 그룹인지 확인할 수 있도록 그룹 이름을 한 글자도 틀리지 않게 입력하십시오
TENANT_DELETED = 그룹이 삭제되었습니다
MODULE_UNKNOWN = “{ $name }” 모듈은 없습니다. 사용할 수 있는 모듈: { $known }
PSEUDONYM_ALREADY_EXISTS = 이 직원에게 이미 다른 가명이 있으며 가명은 바뀌지 않습니다
PSEUDONYM_TAKEN = 여기서 다른 사람이 이 가명을 쓰고 있습니다. 누구의 것인지 확인하십시오
DIRECTORY_OLDER = 이 지역의 더 새로운 명부를 이미 가져왔습니다
UNIT_PATH_MALFORMED = /로 이어진 1~16개의 이름을 쓰고, 이름은 각각 1자 이상 200자 이하로 쓰십시오
UNIT_NAME_MALFORMED = / 기호 없이 1자 이상 200자 이하로 입력하십시오
UNIT_UNKNOWN = “{ $path }” 조직이 없습니다. 먼저 가져오십시오
    .was = { $day }에는 “{ $path }” 조직이 없습니다. 이름이 바뀌었거나 옮겨졌거나 폐지되었습니다. 그날의 경로를 쓰십시오
UNIT_DIFFERS =
    이 조직은 이미 다른 유형으로 있습니다: { $kind ->
        [legal_entity] 법인
        [branch] 지사
        [department] 부서
        [team] 팀
       *[group] 그룹
    }
UNIT_KIND_IS_ROOTS = 최상위 조직만 그룹이 될 수 있습니다
UNIT_KIND_UNKNOWN = 이런 조직 유형은 없습니다. 지사, 법인, 부서, 팀 중 하나를 쓰거나, 기본 유형이면 비워 두십시오
UNIT_BEGINS_LATER = 이 조직이나 상위 조직이 { $day }부터 시작합니다. 그날이나 그 이후의 날짜를 지정하십시오
    .hired_on = “{ $path }” 조직은 hired_on보다 늦은 { $day }부터 시작합니다
UNIT_CLOSES = { $unit } 조직은 { $day }에 폐지됩니다. 다른 조직이나 다른 날짜를 선택하십시오
    .into = { $unit } 조직은 { $day }에 폐지되고 소속 직원은 { $into } 조직으로 옮겨집니다. 옮겨 갈 조직을 선택하거나 다른 날짜를 선택하십시오
UNIT_HAD_NAME = { $day }까지 그 자리에 “{ $name }” 조직이 있었고 지금은 이름이나 위치가 다릅니다. 현재 경로를 쓰거나(ListOrgUnits), 옛 이름으로 새 조직을 만들려면 유형(kind)을 쓰십시오
ROOT_STAYS = 최상위 조직은 그룹이므로 변경할 수 없습니다
ORG_CYCLE = 새 상위 조직이 현재 또는 예정된 이동에 따라 이 조직의 하위에 있습니다
ORG_TOO_DEEP = 현재 또는 예정된 이동에 따라 조직이 { $max }단계보다 깊어집니다
UNIT_NAME_TAKEN = 해당 날짜에 상위 조직 아래 “{ $name }” 조직이 이미 있습니다
UNIT_CHANGE_PLANNED = 이 조직은 { $day }에 변경이 있습니다. 그날이나 그 이후의 날짜를 지정하십시오
UNIT_CHANGE_BACKDATED = { $from } 날짜는 진행 중인 달보다 앞섭니다. 이 조직의 기존 상위 조직은 그날 이후의 날들을, 마감되고 지급된 달까지 포함하여, 더는 볼 수 없고 새 상위 조직이 보게 됩니다. { $first } 또는 그 이후의 날짜를 지정하거나, 실제로 그때부터 그러했다면 backdated를 지정하십시오
UNIT_HAS_CHILDREN = 그때 “{ $name }” 조직이 하위에 있습니다. 먼저 옮기거나 폐지하거나, 이 조직을 합병하십시오
UNIT_HAS_PEOPLE = 그때 이 조직에 고용이 { $count }건 있습니다. move_people_to에 옮겨 갈 곳을 지정하십시오
MERGED_INTO_ITSELF = 합병할 조직을 하나 이상 중복 없이 지정하고, 존속할 다른 조직을 하나 지정하십시오
PEOPLE_TO_NOWHERE = 직원이 옮겨 갈 조직은 지사이거나 그 하위 조직이어야 하며 그날 폐지되지 않아야 합니다
UNIT_HAS_NO_REGION = 직원은 그룹에 직접 소속될 수 없고 지사나 그 하위 조직에 소속되어야 합니다
PERSON_DIFFERS = 이 사번은 이미 있으며 { $field } 값이 다릅니다
EARLIER_ROW_REFUSED = 이 사번의 앞 행이 거부되었고 이 행은 그 행에 이어집니다. 앞 행을 고쳐 두 행을 다시 보내십시오
PERSON_OUT_OF_REACH = 이 조직은 오늘 또는 입사일 이후 어느 날에 귀하가 쓸 수 있는 범위를 벗어납니다. 이 행을 빼거나, 모든 날에 권한이 있는 사람에게 보내도록 하십시오
EMPLOYMENT_OVERLAPS = 이 직원의 { $day }부터의 고용이 해당 날짜 일부와 겹칩니다. 먼저 그 고용을 종료하십시오
NOT_EMPLOYED = 이 직원은 { $day }에 재직 중이 아닙니다
MANAGER_NOT_EMPLOYED = 이 상사는 { $day }에 재직 중이 아닙니다. 다른 사람을 선택하십시오
ENDS_ALREADY = 이 고용은 이미 { $day }에 종료됩니다
    .line = 이 보고 라인은 이미 { $day }에 종료됩니다
EMPLOYMENT_KIND_UNKNOWN = “{ $text }” 값은 고용 형태가 아닙니다. full_time, part_time, fixed_term, intern, agency, outsourced, freelance 중 하나를 쓰십시오
NOT_IN_CATALOGUE = { $field }: 그룹의 카탈로그에 { $day } 기준 “{ $code }” 항목이 없습니다. 먼저 가져오거나 다른 것을 선택하십시오
EMPLOYMENT_CHANGE_PLANNED = 이 고용은 { $day }에 변경이 있습니다. 그날이나 그 이후의 날짜를 지정하거나 그 변경을 취소하십시오
NOTHING_PLANNED = 이 고용에는 { $day }에 취소할 수 있는 변경이 없습니다
HOME_ENDS = 주 고용입니다. EndEmployment로 종료하면 딸린 고용이 모두 함께 종료됩니다
START_TOO_LATE = 새 시작일보다 앞선 { $day }에 이 고용이나 딸린 내용이 있습니다. 먼저 그것을 바로잡으십시오
OUTLASTS_HOME = 주 고용이 { $day }에 종료됩니다. 겸직과 휴가는 늦어도 그날 함께 끝나야 합니다
LEAVE_OVERLAPS = 이 직원의 { $day }부터의 휴가가 해당 날짜 일부와 겹칩니다. 먼저 그 휴가를 종료하십시오
POST_KIND_MISSING = 겸직(concurrent) 또는 파견(secondment)을 지정하십시오. 주 고용은 입사, 이동, 재입사로 생깁니다
EMPLOYEE_NO_TAKEN = 다른 사람이 이미 쓰는 사번입니다
ID_NUMBER_TAKEN = 이 지역의 다른 사람이 이 번호를 쓰고 있습니다
ID_NUMBER_INVALID = 신분증 번호는 제어 문자 없이 1자 이상 64자 이하여야 합니다
ID_NUMBER_CHECKSUM = 이 주민 신분증 번호의 마지막 자리가 다른 자리와 맞지 않습니다. 신분증을 확인하십시오
LINE_KIND_MISSING = 실선(solid) 또는 점선(dotted)을 지정하십시오
REPORTING_CYCLE = { $day }에 이 상사는 직접 또는 다른 사람을 거쳐 이 직원에게 보고합니다
LINE_CHANGE_PLANNED = { $day }에 다른 실선 보고가 시작됩니다. 그것을 종료하거나 그 전의 날짜를 마지막 날로 지정하십시오
LINE_THERE_ALREADY = { $id } 보고 라인이 해당 날짜 일부에 이미 그렇게 되어 있습니다
RATE_OF_ITSELF = 같은 통화 사이의 환율은 언제나 1입니다. 다른 통화를 지정하십시오
SUPERSEDED_AND_KNOWN_AT = 특정 시각에 알려진 환율과 전체 이력 중 하나만 요청하십시오
KIND_MISSING = 직책인지 직급인지 지정하십시오
RANK_UNUSABLE = 직급에는 1 이상의 순위가 있어야 하고, 직책에는 순위가 없어야 합니다
ENTRY_CHANGE_PLANNED = 이 코드에는 { $day }부터 시작하는 항목이 있습니다. 그날 전에 종료하거나 그날부터 시작하십시오

## Access

HOURS_MALFORMED = 시간대는 08:00-20:00처럼 서로 다른 두 시각이어야 합니다
SCOPE_MALFORMED = self, reports, tenant는 대상을 지정하지 않고, unit, subtree, legal_entity는 조직을, region은 지역을 지정합니다
REACH_MISSING = 어디까지 적용되는지 지정하십시오
PERMISSION_UNKNOWN = 이 버전에는 “{ $text }” 권한이 없습니다
ROLE_UNKNOWN = “{ $role }” 역할이 없습니다
    .own = 그룹이 직접 만든 “{ $role }” 역할이 없습니다
SCOPE_NOT_FOR_ROLE = { $role } 역할은 { $scope } 범위로 부여할 수 없습니다
NOT_A_LEGAL_ENTITY = { $unit } 조직은 법인이 아닙니다
NO_PERSON = 이 로그인은 직원과 연결되어 있지 않습니다. 조직이나 지역을 지정하십시오
    .punching = 출퇴근 체크와 계정 인수인계는 직원 본인만 할 수 있습니다. 직원과 연결된 로그인으로 로그인하십시오
    .claiming = 대화의 담당 등록은 직원 본인만 할 수 있습니다. 직원과 연결된 로그인으로 로그인하십시오
DUTIES_SEPARATED = 한 사람이 { $a } 권한과 { $b } 권한을 함께 가질 수 없습니다. 다른 사람에게 부여하십시오
    .role = 한 역할에 { $a } 권한과 { $b } 권한을 함께 둘 수 없습니다. 역할을 둘로 나누십시오
    .holder = { $principal } 주체가 이 역할을 가지고 있어 { $a } 권한과 { $b } 권한을 함께 갖게 됩니다. 먼저 그중 하나를 회수하십시오
    .delegated = 한 사람이 단 하루라도 { $a } 권한과 { $b } 권한을 함께 가질 수 없습니다. 다른 사람에게 위임하십시오
GRANTED_ALREADY = 해당 날짜에 { $id } 권한 부여가 이미 이것을 부여하고 있습니다
GRANT_NOT_HELD = 귀하에게는 그곳의 { $permission } 권한이 없으므로 다른 사람에게 부여할 수 없습니다
GRANT_TO_ONESELF = 자신에게 없는 권한을 스스로 부여할 수 없습니다. 다른 관리자에게 요청하십시오
    .role = 귀하는 이 역할을 가지고 있지만 { $permission } 권한은 없습니다. 다른 관리자에게 요청하십시오
REVOKED_ALREADY = 이 권한 부여는 이미 회수되었습니다
PRINCIPAL_OR_LOGIN = 주체와 로그인 중 하나만 지정하십시오
LAST_ADMINISTRATOR = 그러면 역할을 부여할 수 있는 사람이 없어집니다. 먼저 다른 사람에게 group_admin 역할을 부여하십시오
ROLE_NAME_MALFORMED = a-z, 0-9, _ 기호로 2자 이상 64자 이하로 입력하십시오
ROLE_NAME_RESERVED = 기본 역할이나 서비스가 쓰는 이름입니다. 다른 이름을 쓰십시오
ROLE_EMPTY = 권한과 범위를 각각 하나 이상 지정하십시오
ROLE_FOR_SERVICES = { $permission } 권한은 시스템의 서비스 전용입니다
ROLE_IN_USE = 이 역할을 부여한 권한 부여가 { $count }건 있습니다. 먼저 회수하십시오
DELEGATION_EMPTY = 권한을 하나 이상 지정하십시오
DELEGATION_TIME = 종료 시각은 시작 시각보다 늦고 미래여야 합니다
DELEGATION_TOO_LONG = 최대 90일입니다. 더 길게 하려면 역할을 부여받도록 하십시오
DELEGATION_TO_ONESELF = 다른 사람을 지정하십시오
DELEGATION_ENDED = 이 위임은 이미 끝났습니다
PERMISSION_NOT_DELEGABLE = { $permission } 권한은 위임할 수 없습니다
BREAK_GLASS_EMPTY = 사용할 권한을 지정하십시오
PERMISSION_NOT_OPENED = { $permission } 권한은 긴급 권한으로 열 수 없습니다. 권한에 관한 권한과 분리된 직무는 그대로 유지됩니다
BREAK_GLASS_SCOPE = self나 reports가 아니라 조직, 지역 또는 그룹을 지정하십시오
BREAK_GLASS_REASON = 무슨 일이 있었는지 20자 이상으로 설명하십시오
BREAK_GLASS_TIME = 1분 이상 60분 이하로 지정하십시오
BREAK_GLASS_OPEN = 귀하의 긴급 권한 { $id } 건이 열려 있습니다. 먼저 종료하십시오
    .unreviewed = 긴급 권한이 아직 열려 있습니다. 종료한 뒤 검토하십시오
BREAK_GLASS_ENDED = 긴급 권한이 이미 종료되었습니다
BREAK_GLASS_NO_STREAMS = 긴급 권한으로는 스트림을 열 수 없습니다. 한 페이지씩 요청하십시오
REVIEWED_ALREADY = 이미 검토되었습니다
ALLOWED_BY_ROLE = { $role } 역할이 여기에서 { $permission } 권한을 줍니다
ALLOWED_BY_DELEGATION = { $permission } 권한은 위임되었거나 긴급 권한으로 열렸습니다. 누가 했는지 확인하십시오
REFUSED_HERE = { $role } 역할이 { $permission } 권한을 주지만 여기에는 적용되지 않습니다
REFUSED_BY_CONDITION = { $role } 역할이 여기에서 { $permission } 권한을 주지만 2차 인증을 하거나 다른 시간대일 때만 적용됩니다
REFUSED_TODAY = { $role } 역할이 여기에서 { $permission } 권한을 주지만 오늘은 적용되지 않습니다
REFUSED_WITHOUT_MODULE = 그룹에 { $permission } 권한의 모듈이 없습니다
REFUSED_WITHOUT_GRANT = { $permission } 권한을 주는 권한 부여가 없습니다. 이 권한을 가진 역할: { $roles }

## Privacy

SUBJECT_IN_PART = 대상에는 유형과 아이디가 모두 있어야 합니다
LEGAL_HOLD = 법적 보존이 걸려 있습니다. 먼저 해제해야 합니다(ListHolds 참조)
HOLD_LIFTED = 이 법적 보존은 이미 해제되었습니다
RETENTION_KIND_UNKNOWN = “{ $kind }” 값은 데이터 유형이 아닙니다. ListRetention에서 모든 유형을 확인하십시오
RETENTION_OUT_OF_BOUNDS = 이 유형은 { $min }개월 이상 { $max }개월 이하로 보존합니다
RETENTION_RUNS = 법에 따라 보존해야 하는 이 직원의 데이터는 { $day }까지 보존됩니다. 그날이 지난 뒤 다시 요청하십시오
PERSON_ERASED = 개인정보가 삭제된 직원이므로 아무것도 기록할 수 없습니다. 다시 입사하면 새로운 직원으로 등록됩니다
STILL_EMPLOYED = 퇴사한 사람의 개인정보만 삭제할 수 있습니다. 먼저 고용을 종료하십시오
ERASURE_ALREADY_EXISTS = 이 직원의 개인정보 삭제 { $id } 건이 이미 있습니다
OWN_ERASURE = 자신의 개인정보 삭제는 승인할 수 없습니다. 다른 사람이 승인해야 합니다
ERASED_ALREADY = 이 개인정보 삭제는 이미 승인되었습니다
ERASURE_DROPPED = 철회되었거나 반려된 요청입니다. 개인정보 삭제를 새로 요청하십시오
ERASURE_NOT_APPROVED = 아직 승인되지 않았습니다
NOT_A_SERVICE = 개인 데이터를 보관하는 서비스만 개인정보 삭제를 보고할 수 있습니다

## How long data are kept, counted from when and why

KEPT_FROM_ALIASES = 별칭이나 기기의 마지막 날
KEPT_BECAUSE_ALIASES = 급여에 이의를 제기할 수 있는 동안에는 어떤 기록이 누구에게 귀속되었는지 증명할 수 있어야 합니다
KEPT_FROM_DUTY = 출퇴근 체크나 인수인계의 시각, 근무 일정의 종료
KEPT_BECAUSE_DUTY = 임금 기록과 그 근거: 2년(「임금 지급 잠정 규정」)
KEPT_FROM_PAY = 명세서를 작성한 날
KEPT_BECAUSE_PAY = 소득세 원천징수 자료: 5년, 임금 기록: 2년
KEPT_FROM_PERSON = 마지막 고용의 종료
KEPT_BECAUSE_PERSON = 종료된 근로계약: 2년(「노동계약법」)
KEPT_FROM_SESSIONS = 세션이 늦어도 끝나는 날
KEPT_BECAUSE_SESSIONS = 네트워크 이용 로그: 6개월(「사이버보안법」)
KEPT_FROM_RECORDS = 기록의 시작
KEPT_BECAUSE_RECORDS = 급여의 근거가 되는 기록이며, 이의를 제기할 수 있는 동안 보존합니다
KEPT_FROM_RESULTS = 결과를 작성한 날. 귀속분은 해당 기록의 시작
KEPT_BECAUSE_RESULTS = 급여의 근거가 되는 점수: 소득세 원천징수 자료와 같은 기간
KEPT_FROM_REQUESTS = 요청한 때
KEPT_BECAUSE_REQUESTS = 다시 보낸 요청에 처음과 같은 응답을 주기 위한 것이며 다른 용도는 없습니다
KEPT_FROM_EVIDENCE = 근거를 작성한 날
KEPT_BECAUSE_EVIDENCE = 역량 프로필이 요약하는 내용이며 법에서 요구하지 않습니다

## The suite

OVERLOADED = 한꺼번에 호출이 너무 많습니다. 잠시 후 다시 시도하십시오
RATE_LIMITED = 호출이 너무 많습니다. 잠시 후 다시 시도하십시오
DEADLINE_EXCEEDED = 호출이 허용된 시간보다 오래 걸렸습니다
STALE = 읽은 뒤에 다른 사람이 변경했습니다. 다시 읽고 나서 변경을 반복하십시오
STORE_BUSY = 같은 순간에 다른 사람이 변경했습니다. 다시 시도하십시오
STORE_UNAVAILABLE = 지금 저장소에 연결할 수 없습니다. 잠시 후 다시 시도하십시오
STORE_DAMAGED = 어느 서비스의 데이터베이스가 손상되었고 다시 시도해도 소용이 없습니다. 운영자가 서비스를 중지하고 손상 범위를 확인한 뒤(SQLite: PRAGMA integrity_check, PostgreSQL: pg_amcheck) 백업에서 데이터베이스를 복원해야 합니다
    .server = { $at }의 { $database } 데이터베이스에 있는 { $service } 서비스의 데이터가 손상되었습니다. 서비스를 중지하고 손상 범위를 확인한 뒤(pg_amcheck) 백업에서 데이터베이스를 복원하십시오. 데이터베이스에서 변경된 것은 없습니다
STORE_READ_ONLY = 어느 서비스의 데이터베이스를 지금은 읽을 수만 있으며 변경된 것은 없습니다. 운영자가 쓰기 권한을 되돌려야 합니다(SQLite: 파일과 그 폴더, PostgreSQL: 대기 서버가 아니라 쓰기를 받는 서버). 그 뒤 같은 작업을 다시 하십시오
    .server = { $at }에 있는 { $service } 서비스의 PostgreSQL이 쓰기를 받지 않습니다. 대기 서버이거나 default_transaction_read_only가 켜져 있습니다. 쓰기를 받는 서버를 { $setting } 설정에 지정하십시오
PEER_UNAVAILABLE = 이 호출에 필요한 서비스를 사용할 수 없습니다. 잠시 후 다시 시도하십시오
PEER_REFUSES_SERVICE = 이 호출에 필요한 서비스가 아직 이 서비스를 알지 못합니다. 잠시 후 다시 시도하십시오
PEER_ADDRESS_INVALID = { $address } 값은 서비스 주소가 아닙니다. http://host:port 또는 https://host:port 형식으로 쓰십시오
PEER_CERTIFICATE_UNKNOWN = 서버 인증서를 서명한 기관을 여기서 신뢰하지 않습니다. 그 기관의 파일을 지정하거나(--ca, 또는 설정의 client.authority) 올바른 서버인지 확인하십시오
PEER_CERTIFICATE_FOR_ANOTHER = 서버 인증서가 다른 이름의 것입니다. 인증서에 있는 이름으로 호출하십시오
PEER_CERTIFICATE_OUT_OF_DATE = 서버 인증서가 지금 유효하지 않습니다. 이 컴퓨터의 시계가 맞다면 운영자가 인증서를 갱신해야 합니다
PEER_WANTS_CERTIFICATE = 서버가 호출자의 인증서를 요구합니다. 귀하의 인증서를 지정하십시오(--client-cert와 --client-key, 또는 설정의 client.certificate와 client.key)
PEER_REFUSES_CERTIFICATE = 제시한 인증서를 서버가 받아들이지 않습니다. 호출자의 인증서를 서명하는 기관을 운영자에게 문의하십시오
    .expired = 서버에 제시한 인증서가 만료되었습니다. 서명한 기관에서 새 인증서를 받아 지정하십시오(--client-cert와 --client-key, 또는 설정의 client.certificate와 client.key)
    .revoked = 서버에 제시한 인증서가 폐기되었습니다. 서명한 기관에서 새 인증서를 받아 지정하십시오(--client-cert와 --client-key, 또는 설정의 client.certificate와 client.key)
PEER_SPEAKS_PLAINTEXT = 주소가 https://로 시작하지만 그 서버는 TLS를 사용하지 않습니다. http://로 쓰거나 운영자에게 올바른 포트를 문의하십시오
PEER_SPEAKS_TLS = 주소가 http://로 시작하지만 그 서버는 TLS를 사용합니다. https://로 쓰십시오
PEER_TLS_FAILED = 암호화 연결을 만들 수 없습니다: { $why }
CERTIFICATE_KEY_MISMATCH = 인증서와 개인 키가 서로 맞지 않습니다. 이 인증서에 맞는 키를 지정하십시오(호출자는 --client-key 또는 client.key, 서버는 server.tls_key)
PEER_CERTIFICATES_UNUSABLE = 이 서버에 쓸 인증서를 사용할 수 없습니다: { $why }. 서버 인증서를 서명한 기관의 파일을 지정하십시오(--ca, 또는 client.authority)
PEER_FAILED = 이 호출에 필요한 서비스가 거절했습니다
DEADLINE_MALFORMED = grpc-timeout은 최대 8자리 숫자와 단위 H M S m u n 중 하나로 씁니다
REQUEST_CUT_OFF = 요청이 중간에 끊겼습니다
REQUEST_UNREADABLE = 요청을 이 rpc의 메시지로 읽을 수 없습니다. 호출하는 쪽과 서버의 규약(proto/)이 같은지, 텍스트가 UTF-8인지 확인하십시오
    .envelope = 요청이 Connect의 봉투 형식으로 된 메시지 스트림이 아닙니다. 플래그 1바이트(0, 메시지가 압축되었으면 1), 길이 4바이트, 메시지 순서여야 합니다
    .compressed = 요청의 압축을 풀 수 없습니다. 표시된 방식({ $said })으로 압축되어 있지 않습니다
ONE_MESSAGE_WANTED = 이 호출은 메시지를 하나만 받는데 요청에 { $sent }개가 있습니다
REQUEST_TOO_LARGE = 요청이 { $max }바이트보다 큽니다. 한 번에 보내는 행을 줄이십시오
ANSWER_TOO_LARGE = 응답이 { $max }바이트보다 큽니다. 한 번에 요청하는 행을 줄이거나(page_size) 범위를 좁히십시오
REQUEST_COMPRESSED = 요청이 압축되어 있습니다. 압축하지 않고 보내십시오(grpc-encoding identity)
    .unknown = 여기서는 { $said } 압축을 읽을 수 없습니다. gzip으로 압축하거나 압축하지 않고 보내십시오
TEXT_WITH_NUL = NUL 문자(U+0000)를 빼십시오. 텍스트에는 이 문자를 쓸 수 없습니다
METHOD_UNKNOWN = 여기에는 그런 메서드가 없습니다. 이름을 확인하고 호출자와 서버가 같은 릴리스인지 확인하십시오
SERVICE_ELSEWHERE = 이 주소의 프로세스는 { $service } 서비스를 실행하지 않습니다. 실행하는 프로세스로 요청하십시오. 서비스와 tally 명령은 설정의 peers.{ $service } 값으로 그곳을 찾습니다
PROBLEM_TITLE =
    { $status ->
        [400] 잘못된 요청
        [401] 로그인하지 않음
        [403] 권한 없음
        [404] 찾을 수 없음
        [405] 허용되지 않는 메서드
        [409] 충돌
        [412] 그사이 변경됨
        [413] 너무 큼
        [415] 지원하지 않는 미디어 형식
        [429] 요청이 너무 많음
        [431] 헤더가 너무 큼
        [499] 취소됨
        [501] 여기서 제공하지 않음
        [503] 사용할 수 없음
        [504] 시간 초과
       *[other] 내부 오류
    }
PATH_UNKNOWN = 여기에는 { $path } 경로가 없습니다. 경로 목록은 /openapi.json에 있습니다
HTTP_METHOD_WRONG = 이 경로는 { $method } 메서드를 제공하지 않습니다. 제공하는 메서드: { $allowed }
MEDIA_TYPE_WRONG = 본문은 JSON이어야 하는데(Content-Type: application/json) { $said } 형식으로 왔습니다
    .rpc = 이 호출은 { $taken } 형식을 받는데(Content-Type) { $said } 형식으로 왔습니다
BODY_TOO_LARGE = 본문이 { $limit }바이트보다 큽니다. 한 번에 보내는 행을 줄이십시오
BODY_BROKE_OFF = 요청 본문이 중간에 끊겼습니다
BODY_TOO_SLOW = 요청 본문 전송이 너무 오래 걸렸습니다. 더 빨리 보내거나 더 작게 나누어 보내십시오
BODY_NOT_READ = 이 호출은 본문을 읽지 않습니다. 매개변수는 경로와 ? 뒤에 씁니다
BODY_NO_OBJECT = 본문은 JSON 객체여야 합니다
HEADERS_TOO_LARGE = 요청의 헤더가 { $limit }바이트를 넘거나 { $most }개를 넘습니다. 수를 줄이거나 짧게 하십시오
BODY_NO_JSON = 본문이 { $line }행 { $column }열부터 JSON이 아닙니다
    .early = 본문의 JSON이 중간에 끝납니다
    .deep = 본문의 목록과 객체가 127단계를 넘습니다
    .twice = 본문의 한 객체에 { $name } 이름이 두 번 있습니다
FIELD_UNREADABLE = 읽을 수 없습니다. 다음을 쓰십시오: { $expected }
    .unknown = 그런 필드가 없습니다
    .twice = { $one } 이름과 { $other } 이름으로 두 번 썼습니다. 하나를 빼십시오
    .choice = { $fields } 중 여러 개가 아니라 하나만 쓰십시오
    .encoding = 퍼센트 인코딩한 내용이 UTF-8 텍스트가 아닙니다
    .precision = 시각의 초는 소수점 아래 최대 아홉 자리입니다
    .second = 초는 00부터 59까지입니다
    .digits = 소수나 지수가 있는 수로는 자릿수가 너무 많습니다. 텍스트로 쓰십시오
VALUE_EXPECTED = 해당 유형의 값
    .yes_or_no = true 또는 false
    .whole = { $least }부터 { $most }까지의 정수
    .number = 수
    .text = 따옴표로 묶은 텍스트
    .bytes = base64 텍스트
    .instant = 2026-03-02T09:00:00Z처럼 1년부터 9999년까지의 시각
    .duration = 600s와 같은 초
    .name = { $names } 중 하나
    .object = 객체
    .list = 목록
FIELD_SAID_TWICE = 두 곳에 서로 다르게 있습니다. 본문이나 쿼리 중 한쪽에서 빼십시오
CONNECT_QUERY_WRONG = v1이어야 합니다
    .missing = 없습니다
    .base64 = 주소에 쓰는 base64가 아닙니다
QUERY_UNKNOWN = 이 호출의 매개변수가 아닙니다. 매개변수는 /openapi.json에 있으며, 개인정보는 본문에 넣으십시오
HEADER_NOT_READ = 이 호출은 { $header } 헤더를 읽을 수 없습니다. 빼십시오
    .several = { $header } 헤더에는 따옴표로 묶은 엔터티 태그 하나 또는 * 기호만 쓸 수 있습니다
ANSWER_HAS_NO_FIELD = 응답에 { $field } 필드가 없습니다
DOCS_PAGE = Tally의 호출
    .lead = HTTP와 JSON으로 쓰는 시스템의 모든 호출이며, 라우터와 같은 표에서 만듭니다. 각 호출의 설명은 규약에 적힌 영어 원문 그대로입니다.
    .how = 표기 방법
    .machine = 프로그램용 같은 내용, OpenAPI 3.1
    .count = 호출 { $count }개
    .permission = 필요한 권한:
    .session = 세션이 필요하며 권한은 필요하지 않습니다.
    .nobody = 로그인하지 않아도 됩니다.
    .parameters = 매개변수
    .body = 본문
    .lines = 본문: 한 줄에 이런 객체 하나
    .answer = 응답
    .stream = 응답: 한 줄에 이런 객체 하나, 또는 이벤트마다 하나
    .refusals = 거절
    .example = 예
    .required = 필수
    .filled = 서버가 채움
    .values = 다음 중 하나
    .shapes = 객체
    .in_path = 경로에
    .in_query = ? 뒤에
    .in_header = 헤더
REQUEST_ID_INVALID = request_id는 최대 { $max }자이며 UUID가 가장 좋습니다
REQUEST_ID_REUSED = 내용이 다른 이전 요청에 쓰인 request_id입니다. 새 것을 쓰십시오
LEASE_LOST = 다른 작업자가 이 작업을 넘겨받았습니다. 이번 시도의 내용은 남아 있지 않습니다

## For whoever operates the suite

PORT_TAKEN = { $address } 주소에서 수신할 수 없습니다: { $cause }. --listen 또는 TALLY_SERVER_LISTEN으로 다른 주소를 선택하십시오
HTTP_PORT_TAKEN = 게이트웨이가 { $address } 주소에서 수신할 수 없습니다: { $cause }. --http 또는 TALLY_SERVER_HTTP로 다른 주소를 선택하거나 --services에서 gateway를 빼십시오
DATABASE_URL_INVALID = 데이터베이스 URL은 sqlite:// 또는 postgres://로 시작해야 합니다
    .server = { $setting } 설정을 읽을 수 없습니다. postgres://ROLE:PASSWORD@HOST:PORT/DATABASE 형식이어야 하며, 비밀번호의 / ? # @ % 기호는 %2F %3F %23 %40 %25로 씁니다
    .file = { $setting } 설정을 읽을 수 없습니다. sqlite://FOLDER/{ "{" }service{ "}" }.db 형식이어야 하며, 폴더가 /로 시작하거나 이름에 영문자와 숫자 외의 문자가 있으면 sqlite:///FOLDER/{ "{" }service{ "}" }.db로 씁니다
STORE_AWAY = { $at }에 있는 { $service } 서비스의 PostgreSQL에 연결할 수 없습니다: { $why }. 그곳에서 실행 중인지 확인하거나 { $setting } 설정의 호스트와 포트를 고치십시오
STORE_SIGN_IN_REFUSED = { $at }의 PostgreSQL이 { $user } 로그인을 거절했습니다. 그런 역할이 없거나 비밀번호가 다릅니다. { $setting } 설정에 올바른 비밀번호를 넣거나, 소유자의 URL로 `tally migrate`를 실행하여 역할을 만들고 그 비밀번호를 지정하십시오
    .owner = { $at }의 PostgreSQL이 { $user } 로그인을 거절했습니다. 그런 역할이 없거나 비밀번호가 다릅니다. { $setting } 설정의 역할과 비밀번호를 고치십시오
    .rule = { $at }의 PostgreSQL은 { $user } 역할이 이 컴퓨터에서 이런 방식으로 { $database } 데이터베이스에 들어오는 것을 허용하지 않습니다. pg_hba.conf에 맞는 규칙이 없습니다. TLS를 요구하는 경우 { $setting } 설정에 sslmode=require를 쓰고, 아니면 운영자에게 규칙을 추가하도록 요청하십시오
STORE_DATABASE_MISSING = { $at }에 { $database } 데이터베이스가 없습니다. { $setting } 설정의 이름을 고치거나 서버 소유자에게 만들도록 요청하십시오(CREATE DATABASE { $database })
STORE_PARAMETER_REFUSED = { $at }의 PostgreSQL이 연결 매개변수를 받아들이지 않습니다. 서버의 응답: { $says }. { $setting } 설정의 ? 뒤를 고치십시오. 그것이 PgBouncer라면 운영자가 통과시킬 수 있습니다(pgbouncer.ini의 ignore_startup_parameters)
STORE_TLS_FAILED = { $at }의 PostgreSQL과 암호화 연결을 만들 수 없습니다({ $why }). { $setting } 설정의 sslmode와 sslrootcert를 고치거나 서버 운영자에게 인증서를 고치도록 요청하십시오
    .none = { $setting } 설정이 TLS를 요구하지만(sslmode) { $at }의 PostgreSQL은 TLS를 사용하지 않습니다. 운영자에게 켜도록 요청하거나(ssl = on), 네트워크에 다른 사람이 없으면 sslmode를 빼십시오
STORE_RIGHT_MISSING = { $at }의 { $database } 데이터베이스에서 { $service } 서비스에 필요한 권한이 { $user } 역할에 없습니다. 소유자의 URL로 `tally migrate`를 실행하면 권한이 부여됩니다
    .owner = { $user } 역할은 { $at }의 { $database } 데이터베이스에 스키마, 역할, 테이블을 만들 수 없습니다. 데이터베이스를 소유하고 역할을 만들 수 있는 역할(CREATEROLE)이나 슈퍼유저를 { $setting } 설정에 지정하십시오
DATABASE_ROLE_OF_ANOTHER = { $service } 서비스가 { $user } 역할로 로그인하지만 그 데이터는 { $login } 역할 전용입니다. { $setting } 설정의 역할을 tally_{ "{" }service{ "}" }로 쓰십시오(postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE)
DATABASE_IN_USE = { $database } 데이터베이스에 이미 tally의 데이터가 있는데({ $schema } 스키마) 빈 데이터베이스가 필요합니다. 새로 만들어(CREATE DATABASE) { $setting } 설정에 지정하십시오. 변경된 것은 없습니다
STORE_FILE_DAMAGED = { $file } 파일이 손상되었거나 SQLite 데이터베이스가 아닙니다. 백업에서 복원하거나 { $setting } 설정에 다른 위치를 지정하십시오. 파일에서 변경된 것은 없습니다. 손상 범위는 sqlite3의 PRAGMA integrity_check로 확인할 수 있습니다
STORE_FILE_UNUSABLE = { $file } 파일을 읽기와 쓰기용으로 열 수 없습니다: { $why }. 이 프로세스의 사용자에게 파일과 폴더의 권한을 주거나 { $setting } 설정에 다른 위치를 지정하십시오
    .read_only = { $file } 파일은 읽을 수만 있는데 저장소에는 써야 합니다. 이 프로세스의 사용자에게 파일과 폴더의 쓰기 권한을 주거나, { $setting } 설정에 mode=ro가 있으면 빼십시오
STORE_DISK_FULL = { $at }의 디스크가 가득 찼습니다. 공간을 확보한 뒤 같은 작업을 다시 하십시오
    .serving = 어느 서비스의 데이터베이스 디스크가 가득 찼으며 변경된 것은 없습니다. 운영자가 공간을 확보한 뒤 같은 작업을 다시 하십시오
STORE_DISK_FAILS = { $at }의 디스크에 오류가 있습니다. 어떤 오류인지는 그 컴퓨터의 로그에 있습니다. 디스크를 고치거나 교체하고, 계속하기 전에 데이터가 온전한지 확인하십시오
    .serving = 어느 서비스의 데이터베이스 디스크에 오류가 있으며 변경된 것은 없습니다. 운영자가 그 컴퓨터의 로그를 확인한 뒤 같은 작업을 다시 하십시오
DATABASE_ROLE_TOO_POWERFUL = { $service } 서비스의 데이터베이스 URL이 { $user } 역할로 로그인하는데 이 역할은 { $power }이므로 행 수준 보안이 지켜지지 않습니다. URL에 { $login } 역할을 쓰십시오(postgres://tally_{ "{" }service{ "}" }@host/database). 소유자의 URL로 `tally migrate`를 실행하면 이 역할이 만들어집니다
POWER_SUPERUSER = 슈퍼유저
POWER_BYPASSRLS = BYPASSRLS가 있는 역할
POWER_OWNER = 테이블의 소유자
SCHEMA_BEHIND = { $service } 서비스의 스키마가 마이그레이션 { $count }개만큼 뒤처져 있습니다(다음은 { $next }). 소유자의 URL로 `tally migrate`를 실행하십시오
SCHEMA_AHEAD = { $service } 서비스의 저장소는 더 새로운 버전의 tally로 갱신되었습니다(이 버전은 { $migration } 마이그레이션을 알지 못합니다). 그 버전이나 더 새로운 버전을 실행하거나, 갱신 전의 백업을 복원하십시오
TENANT_NOT_HERE = 이 저장소는 SQLite 파일이어서 그룹을 하나만 담으며 다른 그룹의 것입니다. 여러 그룹을 쓰려면 행 수준 보안으로 분리하는 PostgreSQL이 필요합니다(TALLY_DATABASE_URL=postgres://...)
STORE_OF_ANOTHER_SERVICE = { $service } 서비스의 SQLite 파일이 { $owner } 서비스의 파일과 같습니다. URL에 { "{" }service{ "}" }를 넣으십시오(sqlite://dir/{ "{" }service{ "}" }.db)
SERVICE_NAME_INVALID = “{ $service }” 값은 서비스 이름으로 쓸 수 없습니다. a-z와 _ 기호로 최대 32자까지 쓰십시오
HEADS_UNREADABLE = 서명된 헤드 파일({ $file })을 읽을 수 없습니다: { $cause }
HEADS_UNWRITABLE = 로그의 서명된 헤드를 { $file } 파일에 쓸 수 없습니다: { $cause }. 이 프로세스의 사용자가 쓸 수 있는 폴더를 audit.heads_directory에 지정하십시오
KEYS_UNUSABLE = 키 파일({ $file })을 사용할 수 없습니다: { $cause }. 백업에서 복원하거나 keys.directory를 올바른 폴더로 지정하십시오. 봉인된 내용은 다른 키로 열 수 없습니다
    .missing = 키 파일({ $file })이 없습니다. keys.directory를 올바른 폴더로 지정하거나 백업에서 복원하십시오. 봉인된 내용은 다른 키로 열 수 없습니다
    .closed = 키 파일({ $file })을 사용할 수 없습니다: { $cause }. 이 프로세스의 사용자가 소유자로서(모드 0400) 또는 그룹으로서(0440, Kubernetes에서는 fsGroup) 읽을 수 있어야 합니다
    .unwritable = 키 파일({ $file })에 쓸 수 없습니다: { $cause }. 이 프로세스의 사용자가 그 폴더에 쓸 수 있게 하거나 keys.directory에 다른 폴더를 지정하십시오
    .signing = 키({ $file })를 사용할 수 없습니다: { $cause }. 백업에서 복원하거나 keys.directory를 올바른 폴더로 지정하십시오. 백업이 없으면 다른 곳으로 옮기십시오. 다음 시작 때 새 키가 만들어지고, 로그인한 사용자는 다시 로그인해야 하며, 이전 키를 신뢰하는 다른 시스템에는 새 .pub 파일이 필요합니다
    .closed_signing = 키({ $file })를 사용할 수 없습니다: { $cause }. 이 프로세스의 사용자가 소유자로서(모드 0400) 또는 그룹으로서(0440, Kubernetes에서는 fsGroup) 읽을 수 있어야 합니다
    .public = 공개 키({ $file })를 사용할 수 없습니다: { $cause }. 그 키를 소유한 서비스에서 다시 복사하십시오. 옆에 .key 파일이 있는 공개 키는 삭제해도 되며, 서비스가 시작할 때 다시 만듭니다
    .folder = 키 폴더({ $file })를 사용할 수 없습니다: { $cause }. 이 프로세스의 사용자가 읽고 쓸 수 있게 하거나 keys.directory에 다른 폴더를 지정하십시오
    .unwritable_signing = 키({ $file })에 쓸 수 없습니다: { $cause }. 이 프로세스의 사용자가 그 폴더에 쓸 수 있게 하거나 keys.directory에 다른 폴더를 지정하십시오
    .foreign = 공개 키({ $file })가 옆에 있는 키({ $private })와 맞지 않습니다. 둘 중 하나가 바뀌었습니다. 백업에서 둘 다 복원하십시오. 개인 키가 올바르다면 공개 키를 삭제하십시오. 서비스가 시작할 때 다시 만듭니다
SECRET_OPEN = 이 컴퓨터의 누구나 사용할 수 있습니다. 이 파일 이름으로 chmod 600을 실행하십시오
    .group = { $gid } 그룹이 사용할 수 있는데 이 프로세스는 그 그룹에 속하지 않습니다. 이 파일 이름으로 chmod 600을 실행하거나, 프로세스를 { $gid } 그룹으로 실행하십시오(Kubernetes에서는 fsGroup: { $gid })
    .writable = 파일의 그룹이 변경할 수 있습니다. 이 파일 이름으로 chmod g-w를 실행하십시오
KEY_FILE_MALFORMED = 첫 줄은 “{ $header }” 문구로 시작해야 합니다
    .lock = 첫 줄에 보호 방식이 없습니다
    .line = 한 줄은 종류, 아이디, 키로 이루어져야 합니다
    .id = “{ $id }” 값은 키의 아이디가 아닙니다
    .base64 = { $kind } 키({ $id })가 base64가 아닙니다
    .length = { $kind } 키({ $id })는 32바이트여야 합니다
    .damaged = { $kind } 키({ $id })가 손상되었습니다
    .kind = “{ $kind }” 값은 키의 종류가 아닙니다
    .twice = { $kind } 키({ $id })가 두 번 있습니다
    .few = wrap, bind, sign 키가 각각 하나 이상 있어야 합니다
KEY_LINE_MALFORMED = 한 줄에는 base64로 된 32바이트와, 언제부터 또는 언제까지 유효한지가 있어야 합니다
    .none = 키가 없습니다
KEYS_OF_ANOTHER_STORE = 이 프로세스의 키는 { $service } 서비스의 데이터를 쓸 때 사용한 키가 아닙니다. keys.directory를 올바른 폴더로 지정하거나 백업에서 seal.key를 복원하십시오. 변경된 것은 없고 새 키도 만들지 않았습니다. 올바른 키를 둔 뒤 `tally audit verify`로 누군가 로그를 변조했는지 확인할 수 있습니다
STORE_LOST = { $service } 서비스의 저장소가 비어 있지만 { $file } 파일에 따르면 데이터가 있었습니다. 백업에서 데이터베이스를 복원하거나(SQLite는 그 파일) { $setting } 설정이 다른 곳을 가리키는지 확인하십시오. 변경된 것은 없습니다. 처음부터 다시 시작하려는 경우에만 먼저 { $file } 파일을 다른 곳으로 옮기십시오
KEYS_PASSPHRASE_MISSING = 키 파일({ $file })은 보호되어 있습니다. TALLY_KEYS_PASSPHRASE를 설정하거나, 암호 구문이 담긴 파일을 TALLY_KEYS_PASSPHRASE_FILE에 지정하십시오
KEYS_PASSPHRASE_WRONG = 이 암호 구문으로는 { $file } 파일의 어떤 키도 열 수 없습니다. TALLY_KEYS_PASSPHRASE(또는 TALLY_KEYS_PASSPHRASE_FILE이 가리키는 파일)를 확인하십시오. 암호 구문이 맞다면 파일이 손상된 것이니 백업에서 복원하십시오
KEYS_NOT_IN_A_FILE = 이 키는 이 프로세스 안에만 있어 변경할 파일이 없습니다
KEY_ROTATES_ALREADY = { $service } 서비스에는 { $from }부터 서명할 새 키가 이미 있습니다. 그때까지 기다리십시오

## The command line

SERVER_AWAY = { $server }에서 응답이 없습니다. 그곳에서 시스템이 실행 중입니까? 수신 주소는 --server로 지정합니다
CLIENT_FILE_UNREADABLE = { $file } 파일을 읽을 수 없습니다: { $why }
CLIENT_FILE_WRONG = { $file } 파일에 PEM 형식의 { $block } 항목이 없습니다
SIGNED_IN_AS = { $server }에 { $login } 로그인으로 접속 중(`tally login`으로 로그인)
LOGIN_GOOD = { $until }까지 로그인되어 있습니다. 이후의 명령에는 토큰도 서버 주소도 다시 필요하지 않습니다. 다른 프로그램은 `authorization: Bearer ..`로 토큰을 보냅니다
LOGIN_NOT_REMEMBERED = 로그인을 { $file } 파일에 저장할 수 없습니다({ $why }). 다른 명령에는 --token-file로 토큰을 주십시오
SIGN_IN_OVER = { $login } 로그인이 만료되었습니다. `tally login { $login }`을 다시 실행하십시오
SIGN_IN_FIRST = 토큰이 없습니다. 먼저 `tally login NAME`을 실행하거나, 토큰이 담긴 파일을 지정하거나(--token-file), 표준 입력으로 넣으십시오
FOLDER_UNWRITABLE = { $path } 폴더를 만들 수 없습니다: { $cause }. 이 프로세스의 사용자용으로 폴더를 만들거나 { $setting } 설정에 다른 폴더를 지정하십시오

## Bringing a bundle into a running suite

PERSON_NOT_IN_SUITE = 시스템에 조회할 수 있는 사번 { $number } 직원이 없습니다. people.csv에서 그 행이 거절된 이유를 해결한 뒤 가져오기를 다시 실행하십시오
ACCOUNT_NOT_IN_SUITE = 시스템에 조회할 수 있는 { $label } 계정이 없습니다. accounts.csv에서 그 행이 거절된 이유를 해결한 뒤 가져오기를 다시 실행하십시오
ROWS_OF_UNIT_REFUSED = 소속 조직({ $unit })이 거절되었습니다
ROWS_OF_NUMBER_REFUSED = people.csv에서 사번 { $number } 직원이 거절되었습니다. 이 행은 시스템에 있는 사람과 다른 사람을 뜻할 수 있습니다
ROWS_OF_ACCOUNT_REFUSED = accounts.csv에서 { $label } 계정이 거절되었습니다. 이 행은 시스템에 있는 계정과 다른 계정을 뜻할 수 있습니다
ROWS_OF_RECORD_REFUSED = records.csv에서 { $record } 기록이 거절되었습니다. 그 메시지는 시스템에 있는 기록과 다른 기록의 것일 수 있습니다
NICKNAME_REFUSED = aliases.csv에서 { $alias } 별칭이 거절되었는데, { $number } 님의 이 기록이 그 별칭으로 상담원을 표시했을 수 있습니다
IMPORT_STOPPED = 이번 실행에서 { $rows }행이 반영되었고 이전 실행에서 가져온 것도 모두 남아 있습니다. 같은 명령을 다시 실행하십시오. 이미 반영된 행은 이미 있는 것으로 처리됩니다
    .mend = 이번 실행에서 { $rows }행이 반영되었고 이전 실행에서 가져온 것도 모두 남아 있습니다. 여기에 표시된 내용을 고치고 같은 명령을 다시 실행하십시오. 이미 반영된 행은 이미 있는 것으로 처리됩니다
IMPORT_SERVICE_AWAY = { $service } 서비스에 연결할 수 없었지만 잃은 것은 없습니다. 이번 실행에서 { $rows }행이 반영되었고 이전 실행에서 가져온 것도 모두 남아 있습니다. 서비스가 복구되면 같은 명령을 다시 실행하십시오. 이미 반영된 행은 이미 있는 것으로 처리됩니다
IMPORT_DAMAGED = 파일에 담기는 과정에서 값이 손실되었습니다. 시스템은 아무것도 덮어쓰지 않으므로 남은 값이 그대로 영구히 보관됩니다: { $columns }
IMPORT_DAMAGED_COLUMN = { $count }개 행에서 스프레드시트가 { $column } 값을 앞자리만 남기고 잘랐습니다(예: { $example })
    .failed = { $count }개 행에서 { $column } 값이 스프레드시트가 값 대신 표시한 오류입니다(예: { $example })
IMPORT_DAMAGED_CURE = 아무것도 쓰지 않았습니다. 오류가 나는 수식 없이 그 열을 텍스트로 내보내어 다시 가져오거나, 행을 그대로 쓰려면 같은 명령에 --accept-damaged를 붙이십시오
IMPORT_HEADING = 가져오기 결과, { $from } ~ { $to }
IMPORT_READ = 읽음
IMPORT_REJECTED = 거부됨
IMPORT_LEFT_OUT = 합쳐지거나 제외됨
IMPORT_WRITTEN = 기록됨
IMPORT_REVISED = 새 버전
IMPORT_UNCHANGED = 이미 있음
IMPORT_REFUSED = 거절됨
IMPORT_CENSUS = 귀하가 볼 수 있는 시스템의 데이터
IMPORT_BEFORE = 이전
IMPORT_AFTER = 이후
IMPORT_UNITS = 조직
IMPORT_PEOPLE = 직원
IMPORT_ACCOUNTS = 계정
IMPORT_ALIASES = 별칭
IMPORT_DEVICES = 기기
IMPORT_SHIFTS = 기간 내 근무 일정
IMPORT_SHIFT_HOURS = 근무 일정의 시간
IMPORT_PUNCHES = 기간 내 출퇴근 체크
IMPORT_HANDOVERS = 기간 내 인수인계
IMPORT_RECORDS = 기간 내 해당 계정의 기록
IMPORT_RECORD_HOURS = 기록의 시간
IMPORT_AMOUNT = 기록의 매출(최소 화폐 단위)
IMPORT_CLAIMS = 기간 내 해당 계정의 담당 등록
IMPORT_REJECTED_ROWS = { $rows }개 행을 읽을 수 없습니다. { $file } 파일에 행별로 해결 방법이 있습니다.
IMPORT_REVISED_ROWS = { $rows }개 행에 새 버전이 생겼습니다. 이전 버전도 계속 조회할 수 있습니다
IMPORT_REFUSED_ROWS = { $rows }개 행이 시스템에서 거절되었습니다. { $file } 파일에 행별로 이유가 있습니다.
IMPORT_NEEDS = 가져오기는 조직, 직원, 근무, 기록을 읽고 쓸 수 있는 로그인으로 해야 합니다(예: group_hr 역할)

## Fields of requests

ROW_INVALID = { $problems }
INSTANT_IMPLAUSIBLE = { $first }년부터 { $last }년 사이의 시각이어야 합니다. 연도를 확인하십시오
VALUE_MISSING = 반드시 입력해야 합니다
AT_MOST = 최대 { $max }까지 가능합니다
NUMBER_FROM_TO = { $from }부터 { $to }까지여야 합니다
BEFORE_FROM = from보다 앞섭니다
THROUGH_OR_NAMED = 모든 조직을 요청하는 값입니다. unit_ids를 비우거나 이 값을 빼십시오
THROUGH_BEFORE = 여러 날 중 마지막 날입니다. 첫날을 as_of에 지정하되 이날보다 늦지 않게 하십시오
NOT_AFTER_START = start보다 늦어야 합니다
CUT_OVER_MALFORMED = 00:00부터 11:59 사이의 HH:MM을 쓰십시오

## Attendance

NEVER_EMPLOYED = 아직 고용 정보가 없어 어디에 속하는지 알 수 없습니다. 인사 담당자에게 문의하십시오
PUNCH_REPEATED = 같은 시각에 귀하의 출퇴근 체크가 이미 있습니다
FACT_SUPERSEDED = 정정 { $id } 건이 이미 바로잡아 이 사실은 더 이상 유효하지 않습니다. 현재 유효한 것을 정정하십시오
CORRECTION_WAITS = 같은 사실에 대한 정정 { $id } 건이 승인을 기다리고 있습니다. 먼저 승인, 반려 또는 철회하십시오
CORRECTION_NOT_WAITING =
    { $stage ->
        [approved] 이 정정은 이미 승인되었습니다
        [rejected] 이 정정은 반려되었습니다. 새로 요청하십시오
        [withdrawn] 이 정정은 철회되었습니다. 새로 요청하십시오
       *[other] 이 정정은 이미 적용되었습니다
    }
CORRECTION_OUTDATED = 요청한 뒤에 정정 { $id } 건이 이 사실을 바로잡았습니다. 이 요청을 반려하고 현재 유효한 것에 대해 새로 요청하십시오
    .gone = 요청한 뒤에 이 사실이 더 이상 보존되지 않게 되었습니다. 이 요청을 반려하십시오
OWN_CORRECTION = 자신의 사실에 대한 정정은 스스로 결정할 수 없습니다. 다른 사람이 처리해야 합니다
CORRECTION_OF_OTHERS = 정정은 요청한 사람만 철회할 수 있습니다. 대신 반려하십시오
PERIOD_PURGED = { $day } 이전의 내용은 더 이상 보존되지 않아 바로잡을 수 없습니다
    .cycle = { $day } 이전에 시작하는 기간은 보존 기간이 지나 일부가 삭제되었을 수 있는 { $kind } 데이터로 이루어져 있어 이 평가 주기를 다시 계산할 수 없습니다. 잘못된 부분은 Tally 밖에서 처리하십시오
    .close = { $day } 이전에 시작하는 기간은 보존 기간이 지나 일부가 삭제되었을 수 있는 { $kind } 데이터로 이루어져 있어 빠진 내용이 아무 표시 없이 누락됩니다. { $day } 또는 그 이후에 시작하는 기간을 선택하거나, 먼저 { $kind } 데이터의 보존 기간을 늘리고(SetRetention) 빠진 내용을 가져오십시오
    .row = { $day } 이전의 내용은 더 이상 보존되지 않으며 이 행은 시스템에 없습니다. 이 행을 빼거나 먼저 { $kind } 데이터의 보존 기간을 늘리십시오(SetRetention)
    .named = { $name } 항목이 없으며 { $day } 이전의 내용은 더 이상 보존되지 않습니다. 이 항목을 빼거나 먼저 { $kind } 데이터의 보존 기간을 늘리십시오(SetRetention)
ALREADY_DIFFERENT = { $why }. 먼저 그것을 정정하십시오
FACT_IN_FUTURE = 지금은 { $now }이고 { $at } 시각은 아직 오지 않았습니다. 출퇴근 체크와 인수인계는 일어난 뒤에만 바로잡을 수 있습니다. 미리 계획하려면 근무 일정을 게시하십시오
LATE_CHANGE_UNEXPLAINED = 근무 일정이 이미 시작되었습니다. 지금 변경하는 이유를 쓰십시오
CORRECTION_ACTION_EXPECTED = add, void, move 중 하나를 지정하십시오
ALIAS_DAY_OUTSIDE = 이 별칭이 이 직원을 뜻하는 날짜 중 하나여야 합니다
DEVICE_DAY_OUTSIDE = 이 기기가 이 직원이나 좌석의 것인 날짜 중 하나여야 합니다
DEVICE_OWNER_EXPECTED = 기기는 직원(person_id)이나 좌석(seat)의 것입니다. 둘 중 하나를 입력하십시오
HANDOVER_REPEATED = 같은 시각에 이 인수인계가 이미 기록되어 있습니다
PERSON_UNKNOWN = { $id } 직원이 없습니다. 직원을 먼저 가져온 뒤 그 활동을 가져오십시오
ACCOUNT_UNKNOWN = { $id } 계정이 없습니다. 계정을 먼저 가져오십시오
    .file = accounts.csv에 { $account } 계정이 없습니다{ $hint }
PLACE_REGION_UNKNOWN = 그룹의 조직 중 { $region } 지역에 있는 것이 없습니다
PLACE_UNIT_UNKNOWN = 오늘 그룹에 { $unit } 조직이 없습니다
PLACE_TEAM_NOT_UNIT = { $team } 팀은 { $unit } 조직이 아닙니다. 둘 중 하나를 빼십시오
PLACE_REGION_OF_UNIT = 이 조직은 { $said } 지역이 아니라 { $is } 지역에 있습니다. 지역을 빼십시오
ACCOUNT_CONTRADICTS_ROW = { $key } 계정이 이번 호출의 앞 행과 { $fields } 값에서 어긋납니다. 계정에 대해 이미 정한 내용은 바뀌지 않습니다
ACCOUNT_CONTRADICTS_STORED = { $key } 계정이 기존 내용과 { $fields } 값에서 어긋납니다. 계정에 대해 이미 정한 내용은 바뀌지 않으며 이후 날짜의 단계만 추가할 수 있습니다
    .team = { $key } 계정이 기존 내용과 { $fields } 값에서 어긋납니다. 이 계정은 { $unit } 조직의 것이고 { $team } 팀은 오늘 다른 조직입니다. 계정 소속 조직의 현재 경로를 쓰거나 unit_id만 쓰십시오
    .closed = { $key } 계정이 기존 내용과 { $fields } 값에서 어긋납니다. 이 계정은 폐지되어 오늘 경로가 없는 { $unit } 조직의 것이고 { $team } 팀은 다른 조직입니다. 팀 없이 unit_id만 쓰십시오
ACCOUNT_OUT_OF_REACH = { $key } 계정은 귀하가 보낼 수 있는 범위를 벗어납니다. 빼거나, 권한이 있는 사람이 보내도록 하십시오
FACT_OUT_OF_REACH = 그날 이 직원은 귀하가 보낼 수 있는 범위를 벗어납니다. 당시 그 팀을 맡은 사람이나 그룹 담당자가 보내야 합니다
ALIAS_DIFFERENT = 이 별칭은 같은 날짜부터 이미 있으며 직원(employee_no)과 종료일(to)이 다릅니다
    .person = 이 별칭은 같은 날짜부터 이미 있으며 직원(employee_no)이 다릅니다
    .end = 이 별칭은 같은 날짜부터 이미 있으며 종료일(to)이 다릅니다
DEVICE_DIFFERENT = 이 기기는 같은 날짜부터 같은 직원이나 좌석의 것으로 이미 있으며 종료일(to)이 다릅니다
SHIFT_CANCELLED = 이 계정에서 { $start }부터인 이 직원의 근무 일정은 취소되었으며 근무표로는 되살릴 수 없습니다. 다시 배정하려면 { $shift } 근무 일정을 변경하십시오(ChangeShift)
SHIFT_DIFFERENT = 이 계정에서 { $start }부터인 이 직원의 근무 일정이 이미 있으며 종료 시각이 다릅니다
    .seat = 이 계정에서 { $start }부터인 이 직원의 근무 일정이 이미 있으며 좌석이 다르거나, 이 행에는 있는 좌석이 거기에는 없습니다
PUNCH_DIFFERENT = { $at }에 이 직원의 반대 방향(kind) 출퇴근 체크가 이미 있습니다
HANDOVER_DIFFERENT = { $at }에 다른 직원이 한 것으로 이미 기록되어 있으며(employee_no), 이 계정은 한 번에 한 사람만 점유할 수 있습니다
    .kind = { $at }에 이 직원이 반대로(kind) 한 것으로 이미 기록되어 있습니다
SITE_DIFFERENT = { $name } 사업장이 이미 있으며 시간대, 하루의 경계 시각 또는 지역이 다릅니다
ALIAS_OVERLAP = 이 별칭은 해당 날짜 일부에 이미 누군가를 뜻합니다. 하나를 종료한 뒤 다른 하나를 시작하십시오
SLASH_NOT_ALLOWED = 슬래시를 쓸 수 없습니다. 플랫폼, 스토어, 이름을 슬래시로 연결하기 때문입니다
PHASES_MISSING = 계정을 어떻게 쓰는지 하나 이상 입력하십시오
DIRECTION_EXPECTED = 어느 쪽이 좋은지 지정하십시오: higher 또는 lower
NORMALISATION_EXPECTED = 값을 점수로 바꾸는 방법을 지정하십시오: target_piecewise, min_max, percentile 또는 t_score
PHASE_KIND_EXPECTED = shared, mixed, named 중 하나를 지정하십시오
PHASE_TWICE = 이 날짜에 두 단계가 시작합니다
HANDOVER_KIND_EXPECTED = take 또는 release를 지정하십시오
PUNCH_KIND_EXPECTED = in 또는 out을 지정하십시오
SHIFT_TOO_LONG = 근무 일정은 { $hours }시간보다 짧아야 합니다
PERIOD_TOO_LONG = 최대 { $days }일입니다
DUTY_VERSION_EXPECTED = 1, 2, 3 중 하나여야 하며 0은 최신 버전을 뜻합니다
PUNCH_OF_SHIFT = { $start }에 시작하는 귀하의 근무 일정에 해당합니다
PUNCH_CAME = 지금부터 출근 상태입니다
PUNCH_LEFT = { $since }에 시작한 구간을 닫습니다
PUNCH_STILL_IN = { $since }부터 아직 출근 상태였습니다. 그 구간은 여기서 끝나고 새 구간이 시작됩니다
PUNCH_NOT_IN = 최근 { $hours }시간 안에 출근 체크가 없습니다. 잊었다면 정정을 요청하십시오
PUNCH_NOT_PLANNED = 이 시각 가까이에 귀하의 근무 일정이 없습니다
PUNCH_DRIFT = 귀하의 기기 시계가 시스템과 { $seconds }초 다릅니다. 시스템 시각이 적용됩니다
DUTY_DOUBLE_IN = { $number } 님이 퇴근 체크 없이 { $at }에 다시 출근 체크를 했습니다. 앞 구간은 거기서 끝납니다
DUTY_IN_WITHOUT_OUT = { $number } 님이 { $at }에 출근 체크를 했지만 { $hours }시간 안에 퇴근 체크가 없습니다. 이 구간은 인정되지 않습니다
DUTY_OUT_MAY_COME = { $number } 님의 { $at } 체크는 출근으로 처리되며, 퇴근 없이 { $last }에 체크가 끝납니다. 재실 구간이 되지 않으며, 그 근무일의 근무 일정은 체크 한 쌍이 덮는 부분만 인정됩니다
DUTY_LONE_IN = { $number } 님의 { $at } 체크는 출근으로 처리되며, { $hours }시간 안에 퇴근 체크가 이어지지 않습니다. 재실 구간이 되지 않으며, 그 근무일의 근무 일정은 체크 한 쌍이 덮는 부분만 인정됩니다
DUTY_LONE_OUT = { $number } 님의 { $at } 체크는 퇴근으로 처리되며, 그 전 { $hours }시간 안에 출근 체크가 없습니다. 재실 구간이 되지 않지만, 그 근무일의 근무 일정은 체크 한 쌍이 덮는 부분만 인정되고 인계하지 않은 점유는 거기서 끝납니다
DUTY_SHIFT_UNCOVERED = { $number } 님은 { $start }부터 { $end }까지 { $account } 계정에 배정되었고 그 근무일에 출퇴근 체크를 했지만, 근무 일정을 덮는 체크 한 쌍이 없습니다. 빠진 체크를 추가할 때까지 이 근무 일정은 인정되지 않습니다
DUTY_SHIFT_BARELY_COVERED =
    { $number } 님은 { $start }부터 { $end }까지 { $account } 계정에 배정되었고 그 근무일에 출퇴근 체크를 했지만, { $why ->
        [other] 이 근무 일정에 걸친 체크는 다른 근무 일정의 것입니다
       *[edge] 계획된 시간을 덮는 체크 한 쌍이 없습니다
    }. 빠진 체크를 추가할 때까지 가장자리의 { $minutes }분까지만 인정됩니다
DUTY_SHIFT_HELD_BY_OTHERS = { $number } 님은 { $start }부터 { $end }까지 { $account } 계정에 배정되었지만, 인수인계 기록에 따르면 인정될 시간에 다른 사람만 계정을 점유했습니다. 이 근무 일정은 인정되지 않습니다. 그때 { $number } 님이 상담했다면 인수와 인계를 추가해야 합니다
DUTY_OUT_WITHOUT_IN = { $number } 님이 { $at }에 퇴근 체크를 했지만 그 전 { $hours }시간 안에 출근 체크가 없습니다. 인정되지 않습니다
DUTY_OUT_AFTER_CLOSED_IN = { $number } 님의 { $at } 체크는 퇴근으로 처리되지만 앞의 출근은 { $out }에 이미 닫혔습니다. 재실 구간이 되지 않으며 인계하지 않은 점유는 거기서 끝납니다
DUTY_SHIFT_NOT_EMPLOYED = { $number } 님은 { $start }부터 { $end }까지 { $account } 계정에 배정되었지만 그때 재직 중이 아닙니다. 이 근무 일정은 인정되지 않습니다. 근무표나 재직 날짜를 고치십시오
DUTY_PUNCH_NOT_EMPLOYED = { $number } 님이 { $at }에 출퇴근 체크를 했지만 그때 재직 중이 아닙니다. 인정되지 않습니다. 출퇴근 체크나 재직 날짜를 고치십시오
DUTY_HOLD_NOT_EMPLOYED = { $number } 님이 { $at }에 { $account } 계정을 인수했지만 그때 재직 중이 아닙니다. 이 점유는 인정되지 않습니다. 인수인계나 재직 날짜를 고치십시오
DUTY_IN_AND_OUT_AT_ONCE = { $number } 님이 { $at }에 출근과 퇴근을 동시에 체크했습니다. 재실로 인정되지 않습니다
DUTY_NOBODY = { $account } 계정에 근거가 있지만 이 기간에 근무한 사람이 없습니다
DUTY_NO_EVIDENCE_V1 =
    이 기간에 { $account } 계정에 대한 근무표, 출퇴근 체크, 인수인계가 없습니다. 모든 업무를 팀 전체({ $scope ->
        [all] 모든 직원
       *[team] { $team }
    }, { $people }명)가 나누어 갖습니다. 근무표를 게시하거나 출퇴근 체크를 하도록 하십시오
DUTY_NO_EVIDENCE =
    이 기간에 { $account } 계정에 대한 근무표, 출퇴근 체크, 인수인계가 없습니다. 팀 전체가 근무한 것으로 봅니다({ $scope ->
        [all] 모든 직원
       *[team] { $team }
    }, 인원: { $people }). 근무표를 게시하거나 출퇴근 체크를 하도록 하십시오
DUTY_RELEASE_WITHOUT_TAKE = { $number } 님이 { $at }에 점유하지 않은 { $account } 계정을 인계했습니다. 인정되지 않습니다
DUTY_NEVER_RELEASED =
    { $number } 님이 { $since }에 { $account } 계정을 인수하고 인계하지 않았습니다. 점유는 { $end }에 끝나며 근거는 { $by ->
        [release] 인계
        [punch_out] 다음 퇴근 체크
        [roster] 근무표의 종료
        [too_long] 허용된 최장 구간
       *[taken_again] 다음 인수
    }입니다
DUTY_NO_RELEASE_KNOWN =
    { $number } 님이 { $since }에 { $account } 계정을 인수했고 그 뒤의 인계가 확인되지 않습니다. 점유는 { $end }에 끝나며 근거는 { $by ->
        [release] 인계
        [punch_out] 다음 퇴근 체크
        [roster] 근무표의 종료
        [too_long] 허용된 최장 구간
       *[taken_again] 다음 인수
    }입니다
DUTY_TAKEN_AGAIN =
    { $number } 님이 { $since }에 { $account } 계정을 인수하고 인계 없이 { $again }에 다시 인수했습니다. 점유는 { $end }에 끝나며 근거는 { $by ->
        [release] 인계
        [punch_out] 다음 퇴근 체크
        [roster] 근무표의 종료
        [too_long] 허용된 최장 구간
       *[taken_again] 다음 인수
    }입니다
DUTY_HELD_BY_TWO =
    { $first } 님과 { $second } 님이 { $from }부터 { $until }까지 { $account } 계정을 동시에 점유했습니다. { $why ->
        [exclusive] 이 계정은 한 번에 한 사람만 점유할 수 있습니다
       *[unreleased] 앞 사람이 인계하지 않았습니다
    }

## What to do about findings

FINDING_ADVICE =
    { $kind ->
        [NO_DUTY_EVIDENCE] 계정의 근무표를 가져오거나, 담당 직원이 출퇴근 체크나 인수인계를 하도록 한 뒤 귀속 계산을 다시 시작하십시오
        [UNHELD_ACCOUNT] 그때 계정을 담당한 사람의 근무 일정이나 빠진 출퇴근 체크 또는 인수를 추가하고, 다른 계정의 기록은 옮기십시오(MoveRecord)
        [OVERLAP] 다른 사람이 인수했을 때 더는 계정을 쓰지 않던 사람의 인계를 추가하십시오(CorrectHandover)
        [MISSING_RELEASE] 인계를 추가하십시오(CorrectHandover)
        [RELEASE_WITHOUT_TAKE] 이 인계에 해당하는 인수를 추가하거나 인계를 무효로 하십시오(CorrectHandover)
        [DOUBLE_IN] 두 번째 출근 전에 퇴근을 추가하거나 둘 중 하나를 무효로 하십시오(CorrectPunch)
        [MISSING_PUNCH] 빠진 출퇴근 체크를 추가하거나 짝이 없는 체크를 무효로 하십시오(CorrectPunch)
        [UNCOVERED_SHIFT] 근무 일정의 출퇴근 체크를 추가하거나(CorrectPunch), 아무도 오지 않았다면 근무 일정을 취소하십시오(CancelShift)
        [BARELY_COVERED_SHIFT] 근무 일정의 빠진 출퇴근 체크를 추가하거나(CorrectPunch) 시각을 변경하십시오(ChangeShift)
        [HELD_BY_OTHERS] 근무표대로 담당한 사람의 인수와 인계를 추가하거나(CorrectHandover) 근무 일정을 취소하십시오(CancelShift)
        [NOT_EMPLOYED] 근무표, 출퇴근 체크 또는 인수인계를 바로잡거나 재직 날짜를 바로잡으십시오(ChangeEmployment)
        [TAG_OFF_DUTY] 기록에 표시된 사람의 근무 일정이나 출퇴근 체크를 추가하거나, 기록을 원래 계정으로 옮기거나(MoveRecord), 올바른 이름과 더 높은 리비전으로 다시 보내십시오
        [NAMED_WITHOUT_AGENT] 상담원 이름을 넣고 더 높은 리비전으로 기록을 다시 보내십시오
        [MIXED_WITHOUT_TAG] 상담원 이름을 넣고 더 높은 리비전으로 기록을 다시 보내거나, 근무표에 따른 결과를 그대로 두십시오
        [TOO_FEW_TO_INFER] 조치할 것이 없습니다. 인수인계나 기록의 이름이 있으면 누가 상담했는지 더 정확히 알 수 있습니다
        [DID_NOT_SETTLE] 조치할 것이 없습니다. 인수인계가 있으면 누가 상담했는지 더 정확히 알 수 있습니다
        [SEVERAL_AT_ONCE] 답변 시각을 보내거나 대화를 담당 등록하도록 하십시오. 기록의 이름이 있어도 누가 상담했는지 더 정확히 알 수 있습니다
        [TOO_FEW_REPLIES] 양이 적은 달이면 조치할 것이 없습니다. 기록의 이름이나 담당 등록이 있으면 누가 상담했는지 더 정확히 알 수 있습니다
        [REPLIES_TOO_DENSE] 기록의 10분의 1에 이름을 넣거나, 클릭으로 담당 등록하거나(MakeClaim), 등록된 기기에서 답변하도록 하고(ImportDevices) 휴식 때도 출퇴근 체크를 하도록 하십시오
        [EVIDENCE_UNEVEN] 계정의 모든 사람이 똑같이 클릭하거나(MakeClaim), 이름을 남기거나, 등록된 기기에서 답변하도록 하십시오(ImportDevices)
        [CLOCK_WITHOUT_SECONDS] 답변 시각을 초까지 내보내도록 하십시오
        [CLAIM_OFF_DUTY] 누가 클릭했는지, 그날의 출퇴근 체크와 근무표를 확인하십시오
        [CLAIM_WITHOUT_RECORD] 기록이 전송되었는지, 담당 등록의 시계가 맞는지 확인하십시오
        [CLAIMS_DIFFER] 누가 상담했는지 당사자에게 묻고, 기록에 상담원 이름을 넣으십시오
        [DEVICE_OFF_DUTY] 누구의 기기인지, 그날의 출퇴근 체크와 근무표를 확인하십시오
        [DEVICE_OF_SEVERAL] 기기가 언제부터 언제까지 누구의 것인지 지정하십시오
        [DEVICE_OF_NOBODY] 기록에 쓰인 이름으로 그날 기기가 누구의 것인지 등록하거나(ImportDevices), 그 좌석에 직원을 배정하십시오
        [EVIDENCE_NOT_READ] 이 근거를 읽는 정책 버전 3을 지정하거나, 최신 버전을 쓰도록 비워 두십시오. 그대로 두면 그 달은 이 근거 없이 귀속됩니다
        [REPLY_OUTSIDE_RECORD] 기록의 시작과 종료, 답변의 시계를 확인하십시오
        [BREAKS_NOT_PUNCHED] 휴식 때 퇴근 체크를 하고 돌아와서 출근 체크를 하거나(RecordPunch), 계정을 인계하도록 하십시오
        [CLOCKS_APART] 상담 시스템의 시계를 맞추고, 올바른 시각으로 보관해야 하면 메시지를 다시 내보내십시오
        [UNKNOWN_AGENT] 누구의 이름인지 등록하거나(ImportAliases) 올바른 이름으로 기록을 다시 보내십시오
        [ACCOUNT_UNKNOWN] 계정을 가져오거나(ImportAccounts) 기록을 원래 계정으로 옮기십시오(MoveRecord)
        [POPULATION_CHANGED] 이전 인원 그대로 둘 것이 아니라면 평가 주기를 다시 마감하십시오(CloseCycle)
        [AMOUNTS_CONVERTED] 조치할 것이 없습니다. 환율이 틀렸다면 올바른 환율을 등록하고(SetRates) 귀속 계산을 다시 시작하십시오
        [MEASURE_NOT_SENT] 문장에 나온 데이터를 보내거나 평가 체계에서 그 지표를 빼십시오
        [OBSERVATIONS_BEYOND_PERIOD] 관측값을 철회하고(WithdrawObservation) 각각 한 기간 안의 날짜가 되도록 나누어 보내거나, 모든 날짜를 포함하는 기간을 마감하십시오
        [OBSERVATIONS_UNREAD] 올바른 이름으로 다시 보내고 이것들은 철회하거나(WithdrawObservation), 평가 체계에서 이 측정값을 읽도록 하십시오. 나중을 위해 보관하는 것이면 조치할 것이 없습니다
        [REFUND_EXCEEDS_SALE] 올바른 금액과 더 높은 리비전으로 환불을 다시 보내거나 철회하십시오(WithdrawRecord). 환불이 맞다면 실제 판매 금액으로 판매를 다시 보내십시오
        [CONTRIBUTOR_UNKNOWN] 누구의 이름인지 등록하거나(ImportAliases), 올바른 기여자와 더 높은 리비전으로 기록을 다시 보내십시오
        [CONTRIBUTOR_OFF_DUTY] 자기 근무 시간 밖에 도운 것이면 조치할 것이 없습니다. 아니면 근무 일정이나 출퇴근 체크를 추가하거나, 올바른 기여자와 더 높은 리비전으로 기록을 다시 보내십시오
        [CONTRIBUTORS_NOT_SPLIT] 이런 기록을 나누려면 분배 규칙이 있는 정책을 지정하거나 그대로 두십시오. 기여자는 보관됩니다
        [STANDARD_WITHDRAWN] 사용 중인 표준을 따르는 평가 체계의 새 버전을 작성하고(ListRefinements에서 맞는 것을 확인), 그것으로 평가 주기를 만들어 마감하거나 공개된 평가 주기를 정정하십시오(CorrectCycle). 그 달을 계속 이전 표준으로 평가하려면 그대로 두십시오
       *[other] 표시된 내용을 확인하고 잘못된 곳을 바로잡은 뒤 귀속 계산을 다시 시작하십시오
    }
FIX_REFUSED = 수정이 받아들여지지 않았습니다: { $why }
FINDING_WITHOUT_FIX = { $kind } 유형의 점검 사항은 한 번의 호출로 바로잡을 수 없습니다. 무엇을 해야 하는지는 조치 안내에 있습니다

## Performance

CYCLE_CLOSING = 평가 주기를 지금 마감하는 중입니다. 진행 상황을 보거나 먼저 취소하십시오
CYCLE_PUBLISHED = 평가 주기가 공개되어 더는 바뀌지 않습니다. 결과를 바꿔야 하면 CorrectCycle로 정정하십시오
CYCLE_NOT_CLOSING = 평가 주기를 마감하는 중이 아니므로 취소할 것이 없습니다
CYCLE_NOT_REVIEWABLE = 평가 주기에 공개할 결과가 없습니다. 먼저 마감하십시오
CYCLE_WITHOUT_RESULT = 평가 주기에 아직 결과가 없습니다. 마감한 뒤 검토할 수 있을 때까지 기다리십시오
PERIOD_WITHOUT_RECORDS = { $from }부터 { $to } 사이에 시작된 상담 기록이 어느 계정에도 없습니다. 해당 날짜의 기록을 가져오거나 다른 날짜로 평가 주기를 만드십시오
    .part = { $from }부터 { $to } 사이에 시작된 상담 기록이 이 조직의 계정과 소속 직원이 담당한 계정에 없습니다. 해당 날짜의 기록을 가져오십시오. 기록이 이미 있다면 계정에 이 조직의 팀을 지정하고 담당 직원의 고용 정보를 바로잡으십시오. 팀이 다른 조직으로 옮겨졌다면 그 조직이 그 달을 마감합니다
NOBODY_CREDITED = 기록 { $records }건 중 누구에게도 귀속할 수 있는 것이 없습니다. 기간의 근무표, 출퇴근 체크 또는 인수인계를 가져온 뒤 다시 마감하십시오
    .unemployed = { $from }부터 { $to } 사이에 재직 중인 사람이 없어 기록 { $records }건을 누구에게도 귀속할 수 없습니다. 고용 정보나 기간을 바로잡은 뒤 다시 마감하십시오
    .elsewhere = 평가 대상자 중에 기록을 나누어 가진 사람이 없습니다. 귀속 계산이 읽은 기록 { $records }건 중 { $elsewhere }건이 대상이 아닌 사람에게 귀속되었습니다. 누가 왜 대상인지 확인하고(PreviewPopulation), 고용 정보 또는 기록의 근거가 되는 계정, 상담원, 근무표를 바로잡은 뒤 다시 마감하십시오
CYCLE_REFUSED = { $message }
CYCLE_GIVEN_UP = 마감을 여러 번 시도했지만 실패했습니다({ $reason }). 다시 마감하고, 또 실패하면 운영자에게 문의하십시오
STEP_QUEUED = 작업자를 기다리는 중
STEP_COLLECTING = 직원, 계정, 근무를 모으는 중
STEP_ATTRIBUTING = 기록을 직원에게 귀속하는 중
STEP_SCORING = 평가표를 만드는 중
RUN_RESTS = 귀속 계산이 이미 끝나 중지할 것이 없습니다
RUN_NOT_DONE = 귀속 계산에 결과가 없습니다. 끝날 때까지 기다리거나 새로 시작하십시오
RUN_DIFFERS = 귀속 계산의 날짜나 정책이 평가 주기와 다릅니다. 같은 날짜와 정책의 귀속 계산을 지정하거나, 비워 두어 새로 시작하게 하십시오
RUN_COVERS_PART = 귀속 계산이 일부 계정이나 조직만 다루어 평가 주기 전체를 포함하지 않습니다. 평가 주기의 조직이나 상위 조직에 대한 귀속 계산을 지정하거나, 비워 두어 새로 시작하게 하십시오
    .moved = { $day }(as_of) 기준으로 평가 주기에 속하는 직원 중 { $people }명이 { $last }에는 담당 계정과 함께 다른 곳에 속합니다. { $unit } 조직에 권한이 있는 사람이 그 조직의 귀속 계산을 시작하도록 하여(StartAttributionRun) 지정하거나(attribution_run_id), 마지막 날을 as_of로 쓰십시오
    .moved_group = { $day }(as_of) 기준으로 평가 주기에 속하는 직원 중 { $people }명이 { $last }에는 담당 계정과 함께 다른 곳에 속합니다. 그룹 인사 담당자가 그룹의 귀속 계산을 시작하도록 하여(StartAttributionRun) 지정하거나(attribution_run_id), 마지막 날을 as_of로 쓰십시오
RUN_AWAITED = 이 귀속 계산으로 평가 주기를 마감하는 중입니다. 대신 평가 주기의 마감을 취소하십시오
RUN_OUTDATED = 귀속 계산이 읽은 뒤에 { $account } 계정의 기록이 변경되었고, 평가 체계가 그 귀속 계산에서 집계하지 않은 열을 읽습니다. 귀속 계산을 새로 시작하거나, 지정하지 않고 마감하십시오
RUN_WITHOUT_RATES = 평가 체계에 통화가 지정되어 있지만 이 귀속 계산은 환율을 보관하기 전의 것입니다. 귀속 계산을 지정하지 않고 평가 주기를 마감하거나 새로 시작하십시오
    .on = { $day }의 { $account } 계정 기록 { $record } 건은 다른 통화로 되어 있는데, 귀속 계산을 시작할 때 쓰였거나 사용 중이던 평가 체계가 그날까지 거슬러 올라가지 않아 그날의 환율이 없습니다. 귀속 계산을 지정하지 않고 평가 주기를 마감하거나 새로 시작하십시오
RUN_STOPPED = 귀속 계산이 중지되었습니다. 평가 주기를 다시 마감하십시오
RUN_BELONGS_ABOVE =
    { $own ->
        [0]
            이 조직의 직원이 { $units ->
                [0] 다른 조직의
               *[other] { $beyond } 조직의
            } 계정을 담당하고 있으며
       *[other]
            { $units ->
                [0] 다른 조직의
               *[other] { $beyond } 조직의
            } 직원이 같은 계정({ $accounts })을 담당하고 있으며
    }, 함께 일한 사람은 함께 귀속되어야 합니다. { $unit } 조직에 권한이 있는 사람이 그 조직의 귀속 계산을 시작하도록 한 뒤(StartAttributionRun) 그것으로 마감하십시오(CloseCycle에 attribution_run_id 지정)
    .group =
        { $own ->
            [0]
                이 조직의 직원이 { $units ->
                    [0] 다른 조직의
                   *[other] { $beyond } 조직의
                } 계정을 담당하고 있으며
           *[other]
                { $units ->
                    [0] 다른 조직의
                   *[other] { $beyond } 조직의
                } 직원이 같은 계정({ $accounts })을 담당하고 있으며
        }, 함께 일한 사람은 함께 귀속되어야 합니다. 그룹 인사 담당자가 그룹 전체의 귀속 계산을 시작하도록 한 뒤(조직을 지정하지 않은 StartAttributionRun) 그것으로 마감하십시오(CloseCycle에 attribution_run_id 지정)
SCHEME_OF_ANOTHER_UNIT = 이 평가 체계는 평가 주기와 관계없는 조직의 것입니다. 그룹, 해당 조직 또는 상위 조직의 평가 체계를 선택하십시오
POPULATION_EMPTY = 평가 주기에 대상자가 없습니다. PreviewPopulation으로 누가 대상이고 누가 아닌지 확인하고, 다른 조직, 직책, 직급 또는 직원을 지정하십시오
POPULATION_UNIT_BEYOND = { $unit } 조직은 그날 평가 주기의 조직이나 그 하위 조직이 아닙니다
POPULATION_PERSON_BEYOND = { $person } 님은 그날 평가 주기의 조직이나 그 하위 조직에 속하지 않습니다
POPULATION_PERSON_UNKNOWN = 그룹에 아이디가 { $person }인 직원이 없습니다. ListPeople로 아이디를 찾으십시오
POPULATION_AS_OF_OUTSIDE = { $day } 날짜는 평가 주기에 들어 있지 않습니다. { $from }부터 { $to } 사이의 날짜를 지정하십시오. 비워 두면 { $to } 날짜가 적용됩니다
STANDARD_WITHDRAWN = “{ $scheme }” 평가 체계는 “{ $standard }” 표준의 { $version }번 버전을 세부화한 것인데 그 버전은 { $from }부터 사용하지 않습니다. 그래도 이 평가 주기는 그것으로 평가합니다
    .instead = “{ $scheme }” 평가 체계는 “{ $standard }” 표준의 { $version }번 버전을 세부화한 것인데 그 버전은 { $from }부터 사용하지 않고 { $instead }번 버전을 대신 사용해야 합니다. 그래도 이 평가 주기는 그것으로 평가합니다
POPULATION_CHANGED = 평가 주기를 마감하는 동안 대상에 들어오거나 대상에서 나갔습니다
    .came = 지금은 대상에 속하지만 마감을 시작할 때는 아니어서 평가표가 없습니다. 이 직원을 포함하려면 평가 주기를 다시 마감하십시오
    .left = 마감을 시작할 때는 대상에 속했지만 지금은 아니며 평가표가 있습니다. 이 직원을 제외하려면 평가 주기를 다시 마감하십시오
CYCLE_OR_RUN = 평가 주기와 귀속 계산 중 하나만 지정하십시오
RUN_GONE = 귀속 계산이 취소되었습니다
WORKER_GONE = 작업자가 중단되었습니다
TIME_OF_DAY_MALFORMED = “{ $text }” 값은 시각이 아닙니다. 04:00처럼 쓰십시오
RULES_VERSION_UNKNOWN = “{ $version }” 값은 규칙의 버전이 아닙니다. 1, 2, 3 중 하나를 쓰십시오
RULES_VERSION_DIFFERS = 비워 두거나 policy.version과 같이 { $version } 값을 쓰십시오
ACCOUNT_ELSEWHERE =
    { $account } 계정은 { $region } 지역에 있고 { $unit ->
        [none] 소속 조직이 없습니다
       *[other] { $unit } 조직 소속입니다
    }. 그대로 쓰십시오
EXTERNAL_ID_MISSING = external_id가 비어 있습니다. 플랫폼이 부여한 기록 아이디를 쓰십시오
RECORD_TEXT_TOO_LONG = { $field } 값이 너무 깁니다. 최대 { $max }자입니다
MEASURE_TOO_LONG = 측정값이 너무 깁니다. 최대 { $max }자입니다
MEASURES_TOO_MANY = 측정값이 너무 많습니다. 최대 { $max }개입니다
RECORD_TIME_MISSING = { $field } 값이 없거나 시각이 아닙니다
INTERVAL_BACKWARDS = 종료 { $ended } 시각이 시작 { $started } 시각보다 앞섭니다. 둘 중 하나를 고치십시오
RECORD_TIME_IMPLAUSIBLE = { $field } 값이 { $first }년부터 { $last }년 사이가 아닙니다. 연도를 확인하십시오
INTERVAL_TOO_LONG = { $started }부터 { $ended }까지 이어지는데 기록은 { $days }일을 넘을 수 없습니다. 날짜를 고치십시오
AMOUNT_OUT_OF_RANGE = 금액이 최소 화폐 단위로 { $most }보다 큽니다. 단위를 확인하십시오
REPLY_OUT_OF_RANGE = 첫 답변까지 { $most }초를 넘었습니다. 단위를 확인하거나 비워 두십시오
MEASURE_OUT_OF_RANGE = “{ $name }” 측정값의 소수점 앞자리가 { $digits }자리를 넘습니다. 단위를 확인하십시오
AMOUNT_NEGATIVE = 금액이 음수입니다. 어느 기록의 환불인지 refers_to에 쓰십시오
REFUND_TAKES_NOTHING = refers_to가 있어 환불인데 금액이 음수가 아닙니다. 환불한 금액을 음수로 쓰거나 refers_to를 비워 두십시오
REFERS_TO_NOTHING = { $id } 기록이 가리키는 { $other } 기록이 이 계정에 없습니다. 그 기록을 먼저 보내거나 같은 호출에 함께 보내십시오
REFERS_TO_REFUND = { $id } 기록이 가리키는 { $other } 기록도 환불입니다. 실제로 상담한 기록을 쓰십시오
REFERENCE_FIXED = { $id } 기록이 이미 있으며 다른 기록을 가리키거나 아무것도 가리키지 않습니다. 그 기록을 철회하고 환불은 별도의 아이디로 보내십시오
REPLY_RECORD_UNKNOWN = 이 계정에 { $id } 기록이 없거나, 귀하가 가져올 수 없는 날의 기록입니다. 먼저 기록을 가져오거나 아이디 또는 계정을 고치십시오
    .account = { $account } 값은 계정의 아이디가 아닙니다. 목록에 나온 대로 쓰십시오
REPLIES_MISSING = { $id } 기록에 메시지가 없습니다. 하나 이상 보내거나 이 행을 빼십시오
REPLY_SIDE_MISSING = by가 없습니다. 상담원과 고객 중 누가 썼는지 쓰십시오
REPLIES_TOO_MANY = { $id } 기록의 메시지가 { $count }개가 되는데 한 기록에는 최대 { $most }개입니다. 한 아이디가 여러 대화를 뜻하는지 확인하십시오
    .import = 한 번의 호출에 메시지는 최대 { $most }개인데 { $count }개입니다. 여러 번 나누어 보내십시오
CLAIM_NAMES_BOTH = 기록과 고객이 모두 있습니다. 둘 중 하나만 쓰거나, 계정의 다음 기록이면 둘 다 비워 두십시오
CLAIM_OUT_OF_REACH = { $account } 계정의 담당 등록은 귀하가 보낼 수 있는 범위를 벗어납니다. 빼거나, 권한이 있는 사람이 보내도록 하십시오
CLAIM_WITHDRAWN = { $at }의 담당 등록은 철회되었습니다({ $why }). 빼십시오
OBSERVATION_OUT_OF_REACH = { $name } 항목은 귀하가 보낼 수 있는 범위를 벗어납니다. 빼거나, 권한이 있는 사람이 보내도록 하십시오
CONTRIBUTORS_MALFORMED = contributors: “{ $text }” 값은 아무도 뜻하지 않습니다. 역할과 사번 또는 별칭을 세미콜론 없이 쓰십시오
    .role = contributors: “{ $text }” 값은 역할이 아닙니다. first_answer, closer, after_sales 중 하나를 쓰십시오
    .twice = contributors: { $text } 항목이 두 번 있습니다. 한 역할에 같은 사람은 한 번만 쓰십시오
    .many = contributors: 한 기록에 쓸 수 있는 { $max }명보다 많습니다
SPLIT_NOT_WHOLE = 몫의 합({ $sum })이 백만분율로 1000000이 아닙니다. 모든 역할의 몫을 합쳐 기록 하나가 되도록 지정하십시오
RECORD_CURRENCY_UNKNOWN = “{ $code }” 값은 ISO 4217 통화 코드가 아닙니다. JPY처럼 쓰거나, 그룹의 통화면 비워 두십시오
REVISION_OUT_OF_RANGE = 리비전 { $revision } 값이 { $most }보다 큽니다. 더 작은 값을 보내십시오
REVISION_TWICE = revision과 revised_at이 모두 있습니다. 하나만 보내십시오
REVISION_STALE = { $id } 기록은 { $sent }보다 새로운 리비전 { $there } 내용으로 이미 있습니다. 이것이 맞는 내용이면 더 높은 리비전으로 보내십시오
    .unsaid = { $id } 기록은 리비전 { $there } 내용으로 이미 있는데 이 행에는 리비전이 없습니다. 이것이 맞는 내용이면 더 높은 리비전으로 보내십시오
RECORD_WITHDRAWN = { $id } 기록은 철회되었습니다({ $why }). 빼거나, 되살리려면 더 높은 리비전으로 보내십시오
    .already = { $id } 기록은 이미 철회되었습니다({ $why }). 더 할 일이 없습니다
RECORD_MOVED = { $id } 기록은 다른 계정으로 옮겨졌습니다({ $why }). 그 계정으로 보내십시오
    .already = { $id } 기록은 다른 계정으로 옮겨졌습니다({ $why }). 어디로 옮겨졌는지는 ListRecordVersions에 있습니다. 그 계정이 맞다면 더 할 일이 없습니다
RECORD_OUT_OF_REACH = { $id } 기록은 귀하가 그날에 대해 가져올 수 있는 범위를 벗어납니다. 그날 계정의 팀을 맡은 사람이나 그룹 담당자가 가져오도록 하십시오
RATING_OUT_OF_RANGE = 평점 { $rating }(천분율)이 10점을 넘습니다
MEASURE_MALFORMED = “{ $name }” 측정값에는 고유한 이름과, 소수 또는 텍스트 중 하나가 있어야 합니다
ROWS_CONTRADICT = 이 호출에 { $id } 행이 여러 개 있고 내용이 서로 다릅니다. 맞는 것만 보내십시오
ID_WITH_UNSEEN = { $field } 값에 보이지 않는 문자({ $character })가 들어 있습니다. 삭제하십시오
    .here = 보이지 않는 문자({ $character })가 들어 있습니다. 삭제하십시오
DIFFERENT_CONTENT = { $id } 기록이 다른 내용으로 이미 있습니다({ $columns }). 이것이 맞는 내용이면 더 높은 리비전으로 보내십시오
COLUMN_DIFFERS = { $column }: 기존 { $there }, 여기 { $here }
    .hidden = { $column }
NO_VALUE_THERE = 없음
MOVED_TO_ITSELF = 기록이 이미 있는 계정입니다. 기록이 속해야 할 계정을 지정하십시오
RECORD_REFERRED_TO = 환불 { $refund } 건이 { $id } 기록을 가리킵니다. 먼저 환불을 철회하십시오
REFUND_MOVES_WITH_RECORD = { $id } 기록은 { $other } 기록의 환불입니다. 그 기록을 옮기면 환불도 함께 옮겨집니다
RECORD_THERE_ALREADY = 다른 계정에 { $id } 기록이 이미 있거나 있었습니다. 덮어쓰지 않으므로 잘못된 쪽을 철회하십시오
RECORD_RATE_MISSING = { $account } 계정의 기록 { $record } 건은 { $currency } 통화인데, 귀속 계산은 환율을 보관하기 전의 것입니다. 귀속 계산을 지정하지 않고 평가 주기를 마감하거나 새로 시작하십시오
    .on = { $account } 계정의 기록 { $record } 건은 { $from } 통화인데 { $day }에 { $from }/{ $to } 환율이 없습니다. 그날이나 그 전부터의 환율을 출처와 함께 등록하도록 하십시오(SetRates). 그 뒤 평가 주기가 공개되었다면 다시 정정하고, 아니면 귀속 계산을 지정하지 않거나 이후에 시작한 것을 지정하여 다시 마감하십시오. 이전 귀속 계산은 가지고 있던 환율을 유지합니다
    .look = { $account } 계정에 { $day }부터 { $from } 통화의 매출이 있는데 그때 { $from }/{ $to } 환율이 없습니다. 그날이나 그 전부터의 환율을 출처와 함께 등록하도록 하십시오(SetRates)
RECORD_ELSEWHERE = 이 조직의 것이 아닌 계정의 기록 하나를 계산할 수 없습니다({ $why }). 그룹에서 같은 날짜로 평가 주기를 마감하면 어느 기록인지 표시됩니다. 기록을 바로잡도록 한 뒤 귀속 계산을 지정하지 않거나 이후에 시작한 것을 지정하여 다시 마감하십시오. 이전 귀속 계산은 읽었던 기록과 환율을 유지합니다
RECORD_AMOUNT_TOO_LARGE = { $account } 계정의 기록 { $record } 건의 금액이 { $to } 최소 화폐 단위로 { $most }보다 커서 계산할 수 있는 범위를 넘습니다. 금액이나 그날의 환율을 고친 뒤 다시 마감하십시오
SCHEDULE_UNIT_STAYS = 마감 예약의 조직은 바꿀 수 없습니다. 다른 조직이면 마감 예약을 새로 만드십시오
SCHEDULE_AS_OF = 마감 예약은 매달 그 달의 마지막 날 기준으로 대상자를 정합니다. 날짜를 빼십시오
SCHEDULE_DAY = { $day } 값은 한 달의 날짜가 아닙니다. 1부터 31까지 쓰십시오. 그 달에 없는 날이면 마지막 날을 뜻합니다
SCHEDULE_DELAY = 미리 보기와 마감 사이에는 최대 { $most }분까지 기다립니다
    .dry = 먼저 미리 보는 마감 예약에는 몇 분 뒤에 마감할지 1부터 { $most }까지 쓰고, 미리 보지 않는 마감 예약에는 0을 쓰십시오
SCHEDULE_RUN_CLOSES = 이 실행은 평가 주기를 마감하는 중입니다. 대신 평가 주기의 마감을 취소하십시오
SCHEDULE_RUN_ENDED = 이 실행은 끝났습니다. 중지할 것이 없습니다
SCHEDULE_MONTH_THERE = 이 달은 이미 시작되었습니다. 실행이 실패하거나 중지된 뒤에 다시 시작할 수 있습니다
SCHEDULE_MONTH_NOT_OVER = 마감 예약의 시간대에서 아직 이 달이 끝나지 않았습니다. 끝난 뒤에 시작하십시오
SCHEDULE_THERE = 내용이 같은 마감 예약 { $schedule } 건이 있어 매달 두 번 마감하게 됩니다. 그것을 변경하거나(UpdateSchedule), 의도한 것이면 이 마감 예약에 다른 이름을 붙이십시오
SCHEDULE_MAKER_MAY_NOT = 마감 예약을 마지막으로 작성한 사람은 더 이상 여기서 평가 주기를 만들고 마감할 수 없습니다. 권한이 있는 사람이 새로 작성하도록 하고(UpdateSchedule), 이 달은 직접 시작하십시오(BeginScheduleRun)
SCHEDULE_BEGAN = { $due }에 예정되었던 { $month } 마감을 시작했습니다
SCHEDULE_LEFT_OUT = 그 전의 { $months }개월은 놓친 지 { $most }개월이 넘어 자동으로 마감하지 않습니다. 필요하면 직접 마감하십시오
SCHEDULE_LOOKED =
    미리 보기: 대상자 { $people }명, 이 달 전후 기록이 { $records }건인 계정 { $accounts }개, { $findings ->
        [0] 이상 없음
       *[other] 점검 사항 { $findings }건({ $kinds })
    }
    .everybody =
        미리 보기: 그룹의 모든 직원이 대상, 이 달 전후 기록이 { $records }건인 계정 { $accounts }개, { $findings ->
            [0] 이상 없음
           *[other] 점검 사항 { $findings }건({ $kinds })
        }
SCHEDULE_WAITS = { $until } 전에는 아무것도 마감하지 않습니다. 먼저 바로잡을 것이 있으면 실행을 중지하십시오
SCHEDULE_WOULD_FAIL = 지금 상태로는 마감이 거부됩니다: { $why }. 그때까지 들어온 데이터는 반영됩니다
SCHEDULE_MAY_FAIL = 지금 상태로는 이 조직의 직원에게 귀속되는 경우 마감이 거부됩니다: { $why }. 그때까지 들어온 데이터는 반영됩니다
SCHEDULE_AWAITS_RUN = 이 조직이나 상위 조직에 대한 { $from }부터 { $to }까지의 귀속 계산 중 그 기간이 끝난 뒤에 시작된 것을 기다립니다. 그곳에서 귀속 계산을 시작하거나(StartAttributionRun) 평가 주기를 마감하십시오
    .early = 이 조직이나 상위 조직에 대한 { $from }부터 { $to }까지의 귀속 계산을 기다립니다. 최신 귀속 계산 { $run } 건은 그 기간이 끝나기 전에 시작되었습니다. 그곳에서 새로 시작하십시오(StartAttributionRun)
    .differs = 이 조직이나 상위 조직에 대한 { $from }부터 { $to }까지의 귀속 계산을 기다립니다. 최신 귀속 계산 { $run } 건은 정책이 이 마감 예약과 다릅니다. 마감 예약의 정책으로 새로 시작하거나(StartAttributionRun) 마감 예약을 변경하십시오(UpdateSchedule)
    .part = 이 조직이나 상위 조직에 대한 { $from }부터 { $to }까지의 귀속 계산을 기다립니다. 최신 귀속 계산 { $run } 건은 마감할 내용의 일부만 다룹니다. 전체에 대해 새로 시작하십시오(StartAttributionRun)
SCHEDULE_SCORES_FROM = 귀속 계산 { $run } 건으로 점수를 계산합니다
SCHEDULE_CLOSES = 평가 주기 { $cycle } 건을 만들어 마감합니다
    .again = 성공하지 못한 평가 주기 { $cycle } 건을 다시 마감합니다
SCHEDULE_DONE = 마감 완료: 평가표가 있는 직원 { $people }명, 기록 { $records }건 중 { $nobody }건은 누구에게도 귀속되지 않음, 점검 사항 { $findings }건. 확인하고 맞으면 공개하십시오
SCHEDULE_FAILED = 성공하지 못했습니다: { $why }
SCHEDULE_AGAIN = 직접 다시 시작함
SCHEDULE_STOPPED = 직접 중지함
SCHEDULE_DELETED = 마감 예약이 삭제되어 중지됨
SCHEDULE_CYCLE_CANCELLED = 평가 주기의 마감이 취소됨
OBSERVATION_WITHOUT_MEASURE = measure가 비어 있습니다. 평가 체계에서 쓰는 측정값의 이름을 쓰십시오
OBSERVATION_WITHOUT_SUBJECT = 무엇에 대한 것인지 없습니다. 직원, 조직, 계정, 스토어 또는 캠페인을 지정하십시오
    .id =
        { $kind ->
            [person] 직원
            [unit] 조직
           *[account] 계정
        } 아이디가 아이디 형식이 아닙니다. 목록에 나온 대로 쓰십시오
OBSERVATION_SUBJECT_UNKNOWN =
    { $kind ->
        [person] { $key } 직원이 없습니다. 고치거나 먼저 가져오십시오
        [unit] 해당 날짜에도 지금도 { $key } 조직이 없으며 소속된 직원도 없었습니다. 조직을 고치거나, 그 전에 폐지된 조직이면 날짜를 고치거나, 먼저 가져오십시오
        [account] { $key } 계정이 없습니다. 고치거나 먼저 가져오십시오
       *[store] { $key } 스토어의 계정이 없습니다. 고치거나 먼저 가져오십시오
    }
OBSERVATION_UNIT_CLOSED = { $unit } 조직은 폐지되었으며 마지막 날은 { $last }입니다. 날짜를 그날까지로 하거나 조직을 고치십시오
    .into = { $unit } 조직은 폐지되었으며 마지막 날은 { $last }이고 소속 직원은 { $into } 조직으로 옮겨졌습니다. 날짜를 그날까지로 하고, 그 이후의 관측값은 옮겨 간 조직에 대해 보내십시오
    .later = { $unit } 조직은 { $from }에 시작합니다. 날짜나 조직을 고치십시오
OBSERVATION_RESERVED = “{ $measure }” 항목은 시스템이 직접 관측합니다. 빼거나 측정값에 다른 이름을 붙이십시오
OBSERVATION_UNIT_NOT_HERE =
    unit_id는 캠페인을 운영하는 조직을 나타내는데 이것은 { $kind ->
        [person] 직원
        [unit] 조직
        [account] 계정
       *[store] 스토어
    }에 대한 것입니다. 빼십시오
OBSERVATION_WITHOUT_TIME = 시각(at), 또는 첫날과 하루가 넘으면 마지막 날(from, to)이 있어야 합니다. 둘 중 하나로 쓰십시오
    .date = { $field } 값은 날짜가 아닙니다. 2026-03-31처럼 쓰십시오
OBSERVATION_BACKWARDS = 종료 { $to } 날짜가 시작 { $from } 날짜보다 앞섭니다. 둘 중 하나를 고치십시오
OBSERVATION_TOO_LONG = { $from }부터 { $to }까지에 대한 것인데 관측값은 { $most }일을 넘을 수 없습니다. 날짜를 고치십시오
OBSERVATION_TIME_IMPLAUSIBLE = { $field } 값이 { $first }년부터 { $last }년 사이가 아닙니다. 연도를 확인하십시오
OBSERVATION_WITHOUT_NUMBER = “{ $text }” 값은 소수점 이하 여섯 자리까지의 수가 아닙니다. 고치십시오
OBSERVATION_OUT_OF_RANGE = 값의 절댓값이 { $most }보다 큽니다. 단위를 확인하십시오
OBSERVATION_DIFFERENT = { $name } 항목이 이미 있습니다. 기존 값은 { $source }에서 온 { $other }이고 여기는 { $of }에서 온 { $value }입니다. 이것이 맞는 내용이면 더 높은 리비전으로 보내십시오
OBSERVATION_WITHDRAWN = { $name } 항목은 철회되었습니다({ $why }). 빼거나, 되살리려면 더 높은 리비전으로 보내십시오
SCHEME_WITHOUT_INDICATORS = 지표가 하나 이상 있어야 합니다
NAME_TWICE = “{ $name }” 이름이 두 번 있습니다
WEIGHTS_NOT_HUNDRED = 가중치의 합이 100이 아니라 { $sum }입니다. 합이 정확히 100이 되도록 고치십시오
WEIGHT_NOT_POSITIVE = 가중치 { $weight } 값이 0보다 크지 않습니다. 그 지표를 빼십시오
MEASURE_TOO_LARGE = { $account } 계정의 기록 { $record } 건에서 “{ $column }” 측정값({ $value })이 너무 커서 계산할 수 없습니다. 절댓값은 최대 9000000000000입니다. 기록을 고치거나 평가 체계에서 그 지표를 빼십시오
    .row = { $text } 값이 너무 커서 계산할 수 없습니다. 절댓값은 최대 { $most }입니다
MEASURE_TOO_LARGE_CURE = 수를 고치거나 그 열을 측정하는 지표를 scheme.yaml에서 빼십시오
MEASURE_UNKNOWN = “{ $measure }” 항목은 기본 측정값(credited_records, first_reply_within_30s, resolved, rating_at_least_4, amount)도 기록의 숫자 열도 아닙니다
BOUNDS_OF_NOTHING = 평가 체계에 “{ $kpi }” 지표가 없습니다. 평가 체계에 있는 지표의 키를 쓰십시오
BOUNDS_BACKWARDS = 최솟값({ $min })이 최댓값({ $max })보다 큽니다. 서로 바꾸십시오
BOUNDS_WITHOUT_OWN = 평가 체계 자신의 값({ $own })이 { $min }부터 { $max } 사이가 아닙니다. 그 값이 들어가도록 범위를 넓히십시오
BOUNDS_EXTRA = { $most } 값은 0보다 크고 100보다 작아야 합니다
REFINED_BEYOND = { $value } 값은 “{ $standard }” 표준이 허용하는 범위({ $min }부터 { $max }까지)를 벗어납니다
    .target = “{ $standard }” 표준은 { $min }부터 { $max }까지의 수를 허용합니다
REFINED_FIXED = “{ $standard }” 표준이 정한 값입니다. 표준대로 쓰십시오
    .value = “{ $standard }” 표준은 { $value } 값이 아니라 { $fixed } 값으로 정하고 있습니다
REFINED_DEFINITION = “{ $standard }” 표준이 “{ $measure }” 측정값의 정의를 정하고 있습니다. 그 정의를 그대로 복사하십시오
    .column = “{ $standard }” 표준은 “{ $measure }” 측정값을 같은 이름의 열에서 가져옵니다. 정의에 다른 이름을 붙이십시오
    .extra = “{ $standard }” 표준은 카탈로그에 정의된 “{ $measure }” 측정값을 허용합니다. 정의를 빼면 카탈로그에서 복사됩니다
REFINED_MEASURE = “{ $standard }” 표준의 “{ $kpi }” 지표는 { $measure } 측정값을 씁니다. 그것을 측정하거나 이 지표에 다른 키를 붙이십시오
WEIGHT_BOUND_TWICE = weight의 from과 to, 또는 위아래 폭인 weight_within 중 하나만 쓰십시오
WEIGHT_BOUND_BELOW_0 = 위아래 폭은 0 이상의 수로 쓰십시오
WEIGHT_BOUND_TOO_LARGE = 계산할 수 있는 범위를 넘습니다. 최대 100까지 쓰십시오
REFINED_LEFT_OUT = “{ $kpi }” 지표가 없는데 “{ $standard }” 표준은 이 지표를 빼는 것을 허용하지 않습니다
REFINED_EXTRA = “{ $kpi }” 지표는 “{ $standard }” 표준에 없으며 이 표준은 지표 추가를 허용하지 않습니다
REFINED_EXTRA_MEASURE = “{ $measure }” 측정값은 “{ $standard }” 표준의 지표 외에 추가한 지표가 측정할 수 있는 것이 아닙니다. 허용되는 것: { $measures }
REFINED_EXTRA_SHARE = “{ $standard }” 표준의 지표 외에 추가한 지표의 가중치 합이 { $sum }인데 최대 { $most }까지 허용됩니다
SCHEME_PARENT_NOT_ABOVE = 평가 체계는 그룹이나 상위 조직의 것을 세부화합니다. 그런 평가 체계를 지정하거나 비워 두십시오
SCHEME_WITHDRAWN = “{ $name }” 평가 체계는 { $from }부터 사용하지 않습니다. 다른 것을 쓰거나 다른 이름으로 작성하십시오
    .version = “{ $name }” 평가 체계의 { $version }번 버전은 { $from }부터 사용하지 않습니다. 다른 버전을 쓰십시오
    .version_none = “{ $name }” 평가 체계의 { $version }번 버전은 { $from }부터 사용하지 않으며 그때 사용 중인 다른 버전이 없습니다. 다른 평가 체계를 쓰거나 새 버전을 작성하도록 하십시오
    .version_for = “{ $name }” 평가 체계의 { $version }번 버전은 { $from }부터 사용하지 않습니다. { $instead }번 버전을 쓰십시오
    .parent = 이 평가 체계가 세부화한 “{ $name }” 버전은 { $from }부터 사용하지 않습니다. 다른 버전이나 다른 평가 체계를 세부화하십시오
    .parent_none = 이 평가 체계가 세부화한 “{ $name }” 버전은 { $from }부터 사용하지 않으며 다른 버전도 모두 마찬가지입니다. 다른 평가 체계를 세부화하거나 비워 두십시오
    .parent_for = 이 평가 체계가 세부화한 “{ $name }” 버전은 { $from }부터 사용하지 않습니다. { $version }번 버전을 세부화하십시오
SCHEME_WITHDRAWN_ALREADY = 이미 { $from }부터 사용하지 않습니다
SCHEME_NOT_INSTEAD = { $version }번 버전은 대신 사용할 수 없습니다. 이 평가 체계에서 사용 중인 다른 버전을 지정하되, 버전 하나의 사용을 끝낼 때만 지정하십시오
SCHEME_IMPORTED = 이 평가 체계는 { $region } 지역에서 왔으며 그곳에서 작성합니다. 그곳에서 변경하고 파일을 다시 가져오십시오
SCHEME_OF_A_UNIT = 이 평가 체계는 조직의 것이어서 그 지역에만 머뭅니다. 그룹의 평가 체계를 내보내십시오
STANDARD_DIFFERS = “{ $name }” 표준의 { $version }번 버전이 여기에는 다른 내용으로 있습니다. 버전은 바뀌지 않으므로 작성하는 시스템에 어느 것이 맞는지 문의하십시오
    .withdrawal = “{ $name }” 항목은 여기서 사용을 끝내는 날이 다릅니다. 작성하는 시스템에 어느 것이 맞는지 문의하십시오
STANDARD_NOT_FROM = 이 평가 체계는 { $region } 지역의 시스템이 작성하는 것이 아닙니다. 작성하는 시스템의 파일을 가져오십시오
SCHEME_NAME_TAKEN = 여기 그룹에 “{ $name }” 이름의 다른 평가 체계가 있습니다. 작성하는 곳에서 표준에 다른 이름을 붙이십시오
SCHEME_NAME_UNKNOWN = 여기 그룹에 “{ $name }” 이름의 평가 체계가 없습니다. ListSchemes로 이름을 확인하십시오
STANDARD_IMPORTED = { $region } 지역의 “{ $name }”: 최신은 { $version }번 버전, 새 버전 { $written }개, 그대로인 버전 { $unchanged }개
STANDARD_MANDATORY = 여기의 평가 체계는 필수 표준 중 하나를 세부화해야 합니다. 그중 하나를 상위로 지정하십시오: { $standards }
TARGET_MISSING = 수 또는 team_median이 있어야 합니다
TARGET_NOT_POSITIVE = 목표 { $target } 값이 0보다 크지 않습니다
FLOOR_NOT_BELOW_CAP = 하한 { $floor } 값이 상한 { $cap } 값보다 작지 않습니다
SMALL_SAMPLE_NOT_HERE = 비율과 평균만 전체 평균 쪽으로 보정할 수 있습니다
QUOTAS_NOT_WHOLE = 할당의 합은 백만분율로 정확히 1000000이어야 합니다
BANDS_OUT_OF_ORDER = 좋은 밴드부터 쓰고, 나쁜 밴드의 점수가 더 높지 않게 하십시오
BANDS_NOT_HERE = 밴드는 forced_distribution에만 씁니다
GRADES_OUT_OF_ORDER = 좋은 등급부터 쓰고 min_score가 점점 낮아지게 하십시오
GRADES_MIXED = 모든 등급에 min_score를 쓰거나 모든 등급에 할당을 쓰십시오
MEASURE_OF_EXPECTED = 측정값을 무엇에서 가져오는지 지정하십시오: record, observation, ratio, sum, repeat, trend 또는 team
AGGREGATION_EXPECTED = 여러 값을 하나로 만드는 방법을 이 릴리스가 아는 집계 방식으로 지정하십시오
OBSERVED_OF_EXPECTED = 무엇에 대한 관측값인지 지정하십시오: 직원, 조직, 계정, 스토어 또는 캠페인
MEASURES_DEFINED_TOO_MANY = 평가 체계에는 측정값을 최대 { $most }개까지 정의할 수 있습니다. 지표가 쓰지 않는 것을 빼십시오
MEASURE_BUILT_IN = “{ $name }” 항목은 기본 측정값입니다. 정의에 다른 이름을 붙이십시오
MEASURE_VALID_BACKWARDS = 첫날 { $from } 날짜가 마지막 날 { $to } 날짜보다 늦습니다. 서로 바꾸십시오
MEASURE_VALUE_MISSING = 기록의 값이 있어야 합니다: first_reply_seconds, duration_seconds, resolved, rating, amount 또는 숫자 열
MEASURE_OF_RESOLVED = resolved는 예 또는 아니요입니다. 비율을 쓰거나 기록 수를 세십시오
MEASURE_COLUMN_UNKNOWN = “{ $column }” 항목은 기록의 숫자 열이 아닙니다
MEASURE_TEST_MISSING = 기준값이 있어야 합니다: at_most, at_least, below, above 또는 equal
MEASURE_TEST_NOT_HERE = 기준값은 비율이나, 값에 따라 세는 기록 수 또는 고객 수에만 씁니다. 빼십시오
MEASURE_HOURS_EMPTY = 시간대의 시작과 끝이 같습니다. 하루 전체를 세려면 시간대를 빼십시오
MEASURE_HOURS_NOT_HERE = 시간대 안에서 셀 수 있는 것은 first_reply_seconds나 duration_seconds의 초뿐입니다. 그 시간대에 시작하는 기록을 세십시오
MEASURE_SESSION_TOO_LONG = 한 세션의 간격은 최대 { $most }분입니다
MEASURE_SESSION_NOT_HERE = 합계는 모든 기록을 쓰고 고객은 어차피 한 번만 셉니다. session을 빼십시오
MEASURE_ADDS_NOT_UP = “{ $measure }” 측정값은 개수도 합계도 아니어서 나누거나 나눌 수 없습니다. 더할 수 있는 것을 지정하십시오
MEASURE_SUM_EMPTY = 더할 측정값이 하나 이상 있어야 합니다
MEASURE_FACTOR_ZERO = 계수가 0이면 측정값이 빠집니다. 항목 자체를 빼십시오
MEASURE_COUNT_EXPECTED = “{ $measure }” 측정값은 평가 체계가 정의한 기록 수가 아닙니다. 반복은 기록에서 찾습니다
MEASURE_DAYS_BEYOND = 반복은 1일부터 { $most }일 안에서 찾습니다
MEASURE_PART_UNKNOWN = “{ $measure }” 측정값은 평가 체계에 정의되지 않았고 기본 측정값도 아닙니다. 함께 정의하거나 이름을 고치십시오
MEASURE_OF_ITSELF = “{ $measure }” 측정값이 자기 자신으로 계산됩니다. 계산에 쓰는 항목에서 빼십시오
MEASURE_NAME_RESERVED = “{ $prefix }”로 시작하는 이름은 누구나 쓰는 측정값의 것입니다. 다른 이름을 쓰십시오
MEASURE_NAME_TAKEN = “{ $name }” 이름의 측정값이 이미 있습니다. 그것을 변경하거나 다른 이름을 쓰십시오
MEASURE_NAME_FIXED = 측정값의 이름은 “{ $name }”이며 바꿀 수 없습니다. 새 이름으로 다른 측정값을 정의하고 이것은 사용을 끝내십시오
MEASURE_RETIRED = 카탈로그에서 사용하지 않는 측정값: { $measures }. 다른 측정값을 지정하거나, 평가 체계 안에 그 이름으로 정의하거나, 다시 사용하게 하십시오(UpdateMeasure)
MEASURE_RETIRED_ALREADY = “{ $name }” 측정값은 이미 사용하지 않습니다
MEASURE_NEEDED = 카탈로그의 다른 측정값이 “{ $name }” 측정값으로 계산되므로 더는 맞지 않게 됩니다. 먼저 이것들을 변경하거나 사용을 끝내십시오: { $by }
SUPPLIED_MEASURE =
    { $key ->
        [first_reply_seconds] 첫 답변까지의 초
        [presale_first_reply_within_30s] 판매 전 30초 이내 첫 답변율
        [aftersale_resolved] 판매 후 해결률
        [handling_seconds] 대화 시간(초)
        [rating] 평점
        [solved] 해결된 기록
        [customers] 고객 수
        [buyers] 구매 고객 수
        [orders] 주문 수
        [presale_records] 판매 전 기록
        [conversion] 구매 전환율
        [order_value] 주문 금액
        [repeat_purchase_30d] 30일 이내 재구매
        [second_conversion_7d] 첫 접촉 후 7일 이내 구매 전환
        [complaints] 불만 수
        [complaint_rate] 불만 비율
       *[other] { $key }
    }
SCHEME_TEMPLATE_UNKNOWN = “{ $name }” 이름의 시작용 평가 체계가 없습니다. { $names } 중 하나를 선택하십시오
TEMPLATE_TITLE =
    { $name ->
        [agent] 상담원
        [operations] 스토어 운영
       *[service-manager] 상담 관리자
    }
TEMPLATE_ABOUT =
    { $name ->
        [agent] 고객을 상담하는 직원용: 업무량, 첫 답변, 해결, 평점, 구매 전환율, 품질 점검, 시간 준수
        [operations] 스토어를 운영하는 직원용: 방문자, 구매 전환율, 캠페인 매출, 주문당 비용, 성장. 모두 관측값이며 상담 기록은 필요하지 않습니다
       *[service-manager] 상담원을 이끄는 직원용, 네 가지 차원: 상담 품질, 팀, 사업, 혁신
    }
NOBODY_TO_SCORE = 평가할 사람이 없습니다. 이 기간에 귀속된 기록이 없습니다
PERSON_TWICE = { $person } 님이 두 번 있습니다
SCHEME_WITHOUT_DATA = 데이터가 없거나 목표가 될 중앙값이 0보다 크지 않아 누구에게도 점수를 매길 수 있는 지표가 없습니다(어느 경우인지는 각 평가표에 있습니다)
SCHEME_WITHOUT_DATA_CURE = 기록에 맞는 지표와 목표를 선택하십시오
MEASURE_NOT_SENT =
    “{ $measure }” 측정값의 데이터가 있는 사람이 없어 그 지표는 누구에게도 반영되지 않습니다. { $what ->
        [records] 대상이 되는 종류와 시간대의 기록이 없습니다
        [known] 상담 기록과 함께 { $column } 값을 보내십시오
       *[column] 상담 기록과 함께 { $column } 열을 보내십시오
    }
    .observation = “{ $measure }” 측정값의 데이터가 있는 사람이 없어 그 지표는 누구에게도 반영되지 않습니다. 이 기간의 관측값을 보내십시오
    .past = “{ $of }” 측정값의 과거 값이 있는 사람이 없어 “{ $measure }” 지표는 누구에게도 반영되지 않습니다. 같은 길이의 기간에 대한 이 평가 체계의 이전 평가 주기가 공개되면 반영됩니다
    .team = “{ $measure }” 측정값의 데이터가 있는 사람이 없어 그 지표는 누구에게도 반영되지 않습니다. 이끄는 팀의 누구에게도 { $of } 데이터가 없습니다
OBSERVATIONS_BEYOND_PERIOD = “{ $measure }” 관측값 { $count }건이 { $from }부터 { $to }까지의 기간을 벗어나 반영되지 않습니다. 관측값은 그 모든 날짜를 포함하는 기간에 반영됩니다
OBSERVATIONS_UNREAD = 이 기간의 “{ $measure }” 관측값 { $count }건이 반영되지 않습니다. 이 평가 체계에도 사용 중인 다른 평가 체계에도 이 측정값을 읽는 지표가 없습니다
    .near = 이 기간의 “{ $measure }” 관측값 { $count }건이 반영되지 않습니다. 이 평가 체계에도 사용 중인 다른 평가 체계에도 이 측정값을 읽는 지표가 없습니다(혹시 { $near } 측정값입니까?)
INDICATOR_TOO_LARGE = { $people }의 수가 너무 커서 계산할 수 없으므로 { $indicator } 지표는 누구에게도 반영되지 않습니다
    .apart = 수들의 차이가 너무 커서 계산할 수 없으므로 { $indicator } 지표는 누구에게도 반영되지 않습니다
INDICATOR_TOO_LARGE_CURE = 금액과 측정값의 통화와 단위를 확인하거나 scheme.yaml에서 그 지표를 빼십시오
NUMBER_TOO_LARGE = { $person } 님의 점수가 너무 커서 계산할 수 없습니다. 평가 체계의 하한과 상한을 확인하십시오
    .grades = 등급의 할당이 너무 커서 계산할 수 없습니다. 더 작게 하십시오
    .unit = { $unit } 조직의 수가 너무 커서 계산할 수 없습니다. 소속 직원의 평가표를 확인하십시오
    .pool = 성과급 재원의 금액이나 몫이 너무 커서 계산할 수 없습니다. 금액과 규칙을 확인하십시오
    .part = 성과급 재원의 { $place }번째 부분의 가중치가 너무 커서 계산할 수 없습니다. 점수와 규칙을 확인하십시오
    .person = 성과급 재원의 { $place }번째 부분에서 { $person } 님의 점수가 너무 커서 계산할 수 없습니다. 그 점수와 규칙을 확인하십시오
CARD_MEASURE =
    { $measure ->
        [credited_records] 귀속 기록
        [first_reply_within_30s] 30초 이내 첫 답변율
        [resolved] 해결률
        [rating_at_least_4] 평점 4점 이상 비율(5점 만점)
        [amount] 매출액
       *[other] { $kpi }
    }
CARD_DEFINED = { $name }({ $what })
CARD_VALUE =
    { $kind ->
        [records] 기록 { $value }건
        [customers] 고객 { $value }명
        [percent] { $value }%
        [own] { $value } { $unit }
        [standard]
            { $value }{ $unit ->
                [points] 점
               *[currency] { " " }{ $unit }
            }
       *[bare] { $value }
    }
CARD_LINE_DROPPED =
    { $name }: { $why ->
        [nobody] 이 기간에 데이터가 있는 사람이 없어 모두에게서 제외되며,
        [person] 이 직원의 데이터가 없어 여기서 제외되며,
        [too_large] 수가 너무 커서 계산할 수 없어 모두에게서 제외되며,
        [past] 비교할 이 직원의 과거 값이 없거나 0이어서 여기서 제외되며,
        [too_large_elsewhere] 다른 사람의 수가 너무 크거나 집단의 수 차이가 너무 커서 계산할 수 없어 모두에게서 제외되며,
       *[target] 목표가 될 중앙값이 0보다 크지 않아 제외되며,
    } 그 가중치({ $weight })는 다른 지표에 비례하여 나뉩니다.
CARD_AGAINST = { $value } (비교: { $past })
CARD_PAST = { $measure }: { $values }
CARD_PAST_VALUE = { $from } ~ { $to } { $value }
CARD_LINE_NOT_SCORED = { $name }: 점수를 매기지 않습니다.
CARD_LINE =
    { $name }: { $measured }{ $filled }; { $points }{ $limit ->
        [cap] { " " }(상한)
        [floor] { " " }(하한)
       *[none] { "" }
    }; 가중치 { $weight }%{ $spread ->
        [yes] { " " }(평가 체계에서는 { $scheme_weight }, 제외된 지표의 몫 일부 포함)
       *[no] { "" }
    } 적용: { $weighted }.
CARD_MEASURED = 기록 { $records }건에서 { $value }
CARD_NOT_MEASURED = 측정되지 않음
CARD_SMALL_SAMPLE = ; 기록이 { $below }건보다 적으면 모자란 만큼 평균({ $group })으로 보아 { $adjusted }
CARD_POINTS_BY_TARGET =
    목표 { $target }({ $basis ->
        [scheme] 평가 체계에서 정함
        [team] 팀 { $people }명의 중앙값
       *[group] 팀이 너무 작아 전체 { $people }명의 중앙값
    }) 대비 { $points }점
CARD_POINTS_BY_PLACE =
    { $by ->
        [target] 목표
        [min_max] 집단의 최저와 최고 사이의 위치
        [percentile] 집단에서 더 낫지 않은 사람의 비율
        [t_score] 집단 평균과의 표준편차 거리
       *[band] 집단 내 순위의 밴드
    } 기준 { $points }점
CARD_CHANGE =
    { $kind ->
        [rate_more] { $step }퍼센트포인트 더 높이면
        [rate_less] { $step }퍼센트포인트 더 낮추면
        [records_more] 귀속 기록이 { $step }건 더 많으면
        [records_fewer] 귀속 기록이 { $step }건 더 적으면
        [more] { $amount }만큼 늘면
       *[less] { $amount }만큼 줄면
    }
CARD_NEXT =
    { $effect ->
        [capped] { $change } 더해지는 점수가 없습니다. 이미 상한입니다.
        [nothing] { $change } 그것만으로는 더해지는 점수가 없습니다.
       *[points] { $change } { $gain }점이 더해집니다.
    }
CARD_SUMMARY = 점수 { $score }, { $of }명 중 { $rank }위{ $grade }{ $collaboration }.
CARD_GRADE = , 등급 { $grade }
CARD_COLLABORATION = ; 그중 협업 { $points }점: 기록 { $credited }건 중 { $outside }건이 자신의 근무표나 팀 밖의 것
DEFINED =
    { $what }{ $few ->
        [yes] , 최소 { $min_count }건
       *[no] { "" }
    }{ $valid ->
        [between] , { $from }부터 { $to }까지
        [from] , { $from }부터
        [to] , { $to }까지
       *[ever] { "" }
    }
DEFINED_RECORDS =
    { $aggregation ->
        [mean] { $value }의 평균
        [sum] { $value }의 합
        [share] 기록의 비율({ $value }{ $test })
        [count] 기록 수
        [count_of] 기록 수({ $value }{ $test })
        [distinct] 고객 수
       *[distinct_of] 고객 수({ $value }{ $test })
    }{ $kinds }{ $hours }{ $session }
DEFINED_VALUE =
    { $value ->
        [first_reply_seconds] 첫 답변까지의 초
        [duration_seconds] 시작부터 종료까지의 초
        [resolved] 문제 해결
        [rating] 평점
        [amount] 매출액
       *[column] { $value }
    }
DEFINED_GIVEN = { " " }있음
DEFINED_TEST =
    { $is ->
        [at_most] { " " }{ $threshold } 이하
        [at_least] { " " }{ $threshold } 이상
        [below] { " " }{ $threshold } 미만
        [above] { " " }{ $threshold } 초과
       *[equal] { " " }{ $threshold }
    }
DEFINED_KINDS = , 종류 { $kinds }
DEFINED_HOURS =
    , { $from }부터 { $to }까지 { $counts ->
        [begun] 시작한 것
       *[inside] 시간만 계산
    }
DEFINED_SESSION = , 간격이 { $minutes }분 이하인 세션마다 첫 기록
DEFINED_OBSERVATION =
    { $subject ->
        [person] 직원
        [unit] 조직
        [account] 계정
        [store] 스토어
       *[campaign] 캠페인
    } 관측값의 { $aggregation ->
        [sum] 합
        [mean] 평균
       *[last] 마지막 값
    }
DEFINED_RATIO =
    { $of } / { $per }{ $percent ->
        [yes] { " " }(백분율)
       *[no] { "" }
    }
DEFINED_SUM = { $parts }의 합
DEFINED_PART = { $factor } × { $of }
DEFINED_REPEAT = { $of } 중 그 고객에게 앞선 { $days }일 안에 { $after } 건이 있었던 비율
DEFINED_TREND = { $of } 값이 본인의 과거와 다른 정도(백분율)
DEFINED_TEAM =
    { $aggregation ->
        [mean] 날짜별 팀원 기준 { $of } 값의 평균
        [share] 날짜별 팀원 기준 비율({ $of }{ $test })
       *[sum] 날짜별 팀원 기준 { $of } 값의 합
    }
CARD_CHANGED = 이전: { $before } 현재: { $after }
CARD_CAME = 이제 평가표가 있습니다: { $after }
CARD_WENT = 평가표가 없어졌습니다. 이전: { $before }
CARD_CREDITED_CHANGED = 귀속 기록: 이전 { $before }, 현재 { $after }.
CARD_LINE_CHANGED = { $name }: 이전 { $before }, 현재 { $after }.
CARD_LINE_CAME = { $name }: 이제 반영됨: { $after }.
CARD_LINE_WENT = { $name }: 더 이상 반영되지 않음: 이전 { $before }.
CARD_STANDING = { $measured }, { $points }점, 가중치 { $weight }% 적용 { $weighted }
    .dropped = { $measured }, 점수를 매기지 않음
CARD_WORKED_OUT_ANEW = 점수는 같으며 다른 수로 다시 계산했습니다.
LADDER_REFUND = { $refund } 기록은 { $sale } 기록의 환불입니다. 그 기록의 귀속을 따르며 금액을 줄입니다
LADDER_BEGAN =
    { $at }에 { $account } 계정에서 시작. { $phase ->
        [shared] 그날 공용 계정이었습니다
        [mixed] 그날 공용에서 실명으로 바뀌는 중이었습니다
       *[named] 그날 실명 계정이었습니다
    }.
LADDER_TAG_NONE = 태그: 플랫폼이 아무도 표시하지 않았습니다.
LADDER_TAG_UNKNOWN = 태그: 플랫폼이 “{ $agent }” 이름을 표시했지만 그날 재직 중인 해당자가 없거나 둘 이상입니다.
LADDER_TAG = 태그: 플랫폼이 “{ $agent }” 이름, 즉 { $person } 님을 표시했습니다. 기록은 이 직원의 것입니다.
LADDER_NAMED_WITHOUT = 실명 계정에서는 태그와 인수인계만 인정되는데 둘 다 없습니다. 누구에게도 귀속되지 않습니다.
LADDER_DUTY_NONE = 근무: 그때 계정을 점유하거나 근무 중인 사람이 없었습니다.
LADDER_DUTY = 근무: { $list }.
LADDER_DUTY_ANSWERED = 답변할 때의 근무: { $list }.
    .unheld = 근무: 시작할 때 계정을 점유하거나 근무 중인 사람이 없었습니다. 답변할 때: { $list }.
LADDER_ON_DUTY =
    { $person } 님({ $rule ->
        [handover] 인수인계로 점유
        [roster] 근무표에 배정
        [punch] 팀원이며 출근 체크
       *[team] 팀원
    }), { $from } ~ { $to } [{ $evidence }]
LADDER_SHARES = { $before }, { $share }
LADDER_BY_SESSION = 같은 고객 세션의 다른 기록에 상담원이 표시되어 있어 이를 따릅니다: { $shares }.
LADDER_BY_TAG = 태그에 따라 귀속: { $shares }.
LADDER_BY_HANDOVER = 인수인계로 한 사람이 계정을 점유했습니다: { $shares }.
LADDER_SOLE = 한 사람이 근무 중이었습니다: { $shares }.
LADDER_INFERRED = 여러 명이 근무 중이었으며, 누가 다른 기록으로 바빴는지와 각자의 업무 방식으로 구분합니다: { $shares }.
LADDER_EQUAL = 여러 명이 근무 중이었고 구분할 근거가 부족하여 똑같이 나눕니다: { $shares }.
LADDER_TEAM = 계정에 근무 근거가 전혀 없어 팀이 나눕니다: { $shares }.
LADDER_NOBODY = 따라서 누구에게도 귀속되지 않습니다.
LADDER_CONTRIBUTORS = 기여자: { $list }.
LADDER_CONTRIBUTOR =
    { $role ->
        [first_answer] 첫 응대
        [closer] 판매 성사
       *[after_sales] 판매 후 상담
    }: “{ $agent }”, 즉 { $person } 님
LADDER_CONTRIBUTOR_UNKNOWN =
    { $role ->
        [first_answer] 첫 응대
        [closer] 판매 성사
       *[after_sales] 판매 후 상담
    }: “{ $agent }”, 그날 재직 중인 해당자가 없거나 둘 이상
LADDER_SPLIT = “{ $version }” 규칙에 따라 역할별로 귀속: 첫 응대 { $first_answer }, 판매 성사 { $closer }, 판매 후 상담 { $after_sales }. 맡은 사람이 없는 역할의 몫은 다른 역할에 비례하여 나뉩니다: { $shares }.
LADDER_BY_SPLIT = 역할별로 귀속: { $shares }.
LADDER_BY_CLAIM = 클릭으로 담당 등록되었습니다: { $shares }.
LADDER_CLICKED = { $person } 님이 { $at }에 클릭했습니다.
LADDER_BY_DEVICE = 그때 한 사람의 것이던 { $device } 기기에서 상담했습니다: { $shares }.
LADDER_BY_REPLIES = 여러 명이 근무 중이었고 각자 여러 대화를 동시에 했으며, 답변 시각으로 구분합니다: { $shares }.
LADDER_BY_TAG_SHARE = 여러 명이 근무 중이었고 각자 여러 대화를 동시에 했으며, 시각이 가까우면서 상담원이 표시된 기록에 따라 나눕니다: { $shares }.
LADDER_NOT_SPLIT = 정책이 표시된 역할에 몫을 주지 않으므로 기여자가 없는 것처럼 귀속합니다.
LADDER_WORTH = 이 계정에서는 기록의 약 { $now } 정도가 다른 사람에게 귀속되었을 것으로 예상됩니다. 휴식도 체크하면 약 { $breaks }, 답변의 30%에 기기가 있으면 약 { $devices }, 기록의 절반을 담당 등록하면 약 { $claims }입니다. 이 달의 불확실성에 따른 예상이며 보장이 아닙니다.
WHY = { $second }({ $rest }%) 대신 { $first }({ $part }%): { $what }.
WHY_AGAINST =
    { $why } { $sign ->
        [hands] 지난 답변 이후의 간격은 { $second } 쪽을 가리켰습니다.
        [thread] 그때까지의 대화는 { $second } 쪽을 가리켰습니다.
        [profile] 답변의 종류는 { $second } 쪽을 가리켰습니다.
       *[device] 기기는 { $second } 쪽을 가리켰습니다.
    }
WHY_SOMEBODY = 다른 사람
WHY_SECONDS = { $count }초
WHY_MINUTES = { $count }분
WHY_HOURS = { $count }시간
WHY_DAYS = { $count }일
WHY_HANDS = { $one }, { $other }
    .short = { $one }, { $other }, 다른 답변을 쓸 시간이 거의 없음
    .usual = { $one }, { $other }, 이런 간격은 { $first } 쪽에서 더 흔함
WHY_WROTE = { $who } 쪽은 { $pause } 전에 마지막으로 답변함
WHY_NOT_YET = { $who } 쪽은 { $pause } 전에 근무를 시작하고 아직 답변하지 않음
WHY_THREAD = { $first } 쪽이 { $pause } 전에 이 고객에게 답변했을 가능성이 높음
WHY_PROFILE = { $wait } 기다린 고객에게 { $first } 쪽이 { $second } 쪽보다 더 자주 답변함
    .first = { $wait } 기다린 고객에게 { $first } 쪽이 { $second } 쪽보다 더 자주 첫 답변을 함
    .again = 고객의 새 메시지 없이 답변 후 { $wait } 지나 다시 쓰는 일이 { $first } 쪽이 { $second } 쪽보다 더 잦음
    .unasked = 아직 글을 쓰지 않은 고객에게 먼저 쓰는 일이 { $first } 쪽이 { $second } 쪽보다 더 잦음
WHY_WAIT =
    { $class ->
        [0] 5분 미만
        [1] 5~20분
        [2] 20~60분
        [3] 1~4시간
        [4] 4~24시간
       *[other] 하루 넘게
    }
WHY_DEVICE = 답변을 쓴 기기가 { $first } 쪽의 것임
    .same = { $first } 쪽이 이전에 같은 기기에서 썼을 가능성이 높음
WHY_DUTY = 답변 { $all }개 중 { $first } 쪽은 { $count }개, { $second } 쪽은 { $other }개일 때 근무 중이었음
WHY_NAMES = 전후 한 시간 안의 기록 중 상담원이 표시되어 있고 각자 근무 중이었던 것에서 { $first } 쪽은 { $all }건 중 { $count }건, { $second } 쪽은 { $others }건 중 { $other }건
    .all = 계정의 기록 중 상담원이 표시되어 있고 각자 근무 중이었던 것에서 { $first } 쪽은 { $all }건 중 { $count }건, { $second } 쪽은 { $others }건 중 { $other }건
WHY_TOGETHER = 한 가지로 결정되지 않고 전후의 모든 답변을 함께 보아 판단함
WHY_TOO_FEW_REPLIES = 구분할 수 없음: 답변 시각이 있는 계정의 기록이 너무 적어 학습할 수 없습니다.
WHY_TOO_DENSE = 구분할 수 없음: 이 계정은 답변이 너무 촘촘하여 시각만으로는 부족하고, 이름이 있거나 담당 등록되었거나 등록된 기기에서 쓴 기록이 너무 적습니다.
WHY_CLOCK_WITHOUT_SECONDS = 구분할 수 없음: 계정의 답변 시각에 믿을 수 있는 초가 없습니다.
WHY_NO_REPLY_TIMES = 구분할 수 없음: 각자 여러 대화를 동시에 할 수 있고, 그들이 근무 중일 때 이 대화에 쓴 답변이 확인되지 않습니다.
CREDIT_ACCOUNT_UNKNOWN = 근태에 없는 계정의 기록 { $records }건이 제외되었습니다
CREDIT_UNKNOWN_AGENT = 기록 { $records }건에 “{ $agent }” 상담원이 표시되어 있지만 그날 재직 중인 해당자가 없거나 둘 이상입니다. 이름이 없는 것으로 처리합니다
CREDIT_NO_EVIDENCE = 근무표, 출퇴근 체크, 인수인계가 전혀 없어 팀이 기록 { $records }건을 나눕니다
CREDIT_NOBODY_ON_DUTY = 근무 중인 사람이 없을 때 들어온 기록이 { $records }건입니다. 누구에게도 귀속되지 않습니다
CREDIT_TAG_OFF_DUTY = 기록 { $records }건에 그때 근무 중이 아니던 { $person } 님이 표시되어 있습니다. 표시된 이름을 따릅니다
CREDIT_NAMED_WITHOUT_AGENT = 실명 계정의 기록 { $records }건에 이름이 없습니다. 인수인계에 따른 것이 아니면 누구에게도 귀속되지 않습니다
CREDIT_MIXED_WITHOUT_TAG = 혼합 계정의 기록 { $records }건에 이름이 없습니다. 공용 계정처럼 귀속합니다
CONTRIBUTOR_UNKNOWN = 기여 { $records }건이 “{ $agent }” 이름으로 되어 있지만 그날 재직 중인 해당자가 없거나 둘 이상입니다. 그 몫은 다른 기여자에게 갑니다
CREDIT_CONTRIBUTOR_OFF_DUTY = 기록 { $records }건에 시작할 때 근무 중이 아니던 { $person } 님이 기여자로 표시되어 있습니다. 표시된 이름을 따릅니다
CREDIT_CONTRIBUTORS_NOT_SPLIT = 기록 { $records }건에 기여자가 있지만 정책이 그 역할에 몫을 주지 않습니다. 기여자는 보관하고 기록은 기여자가 없는 것처럼 귀속합니다
CREDIT_TOO_FEW_TO_INFER = 여러 명이 근무 중이던 기록 { $records }건은 추론하기에 너무 적습니다. 똑같이 나눕니다
CREDIT_DID_NOT_SETTLE = 기록 { $records }건에 대한 추론이 수렴하지 않았습니다. 똑같이 나눕니다
CREDIT_SEVERAL_AT_ONCE = 기록 { $records }건은 여러 대화를 동시에 하는 여러 명이 근무 중이었습니다. 똑같이 나눕니다
CREDIT_TOO_FEW_REPLIES = 답변 시각이 있는 기록이 { $records }건이어서 한 사람당 수가 적어, 여러 대화를 동시에 하는 사람을 구분할 수 없습니다. 답변마다 근무 중이던 사람이 똑같이 나눕니다
CREDIT_REPLIES_TOO_DENSE = 기록 { $records }건은 답변이 너무 촘촘하여 시각만으로 사람을 구분할 수 없는 계정의 것이며, 누구의 것인지 알 수 있는 답변이 10분의 1에 못 미칩니다. 답변마다 근무 중이던 사람이 똑같이 나눕니다
CREDIT_EVIDENCE_UNEVEN = 기록 { $records }건에는 누구의 것인지 알 수 있는 것이 없습니다. 이 계정은 이름 표시, 담당 등록, 등록된 기기 사용의 비율이 사람마다 크게 다르며 { $person } 님이 가장 적습니다. 각자 남기지 않은 정도에 따라 가중합니다
    .equal = 기록 { $records }건에는 누구의 것인지 알 수 있는 것이 없습니다. 이 계정은 담당 등록이나 등록된 기기 사용의 비율이 사람마다 크게 다르며 { $person } 님이 가장 적습니다. 똑같이 나누므로, { $person } 님이 다른 사람만큼 일했다면 몫이 적게 됩니다
CREDIT_CLOCK_WITHOUT_SECONDS = 기록 { $records }건의 답변 중 10분의 1이 넘게 정각 분에 있어 그 시계를 믿을 수 없습니다. 답변마다 근무 중이던 사람이 똑같이 나눕니다
CREDIT_CLAIM_OFF_DUTY = { $person } 님이 근무 중이 아닐 때 대화 { $records }건을 담당 등록했습니다. 담당 등록은 인정되지 않습니다
CREDIT_CLAIM_WITHOUT_RECORD = { $person } 님이 기록이 없는 대화 { $records }건을 담당 등록했습니다. 담당 등록은 반영되지 않습니다
CREDIT_CLAIMS_DIFFER =
    { $person } 님이 { $at }에 { $record } 기록을 담당 등록했고 { $second } 님도 { $before }에 담당 등록했습니다. 어느 쪽도 결정하지 않습니다{ $more ->
        [0] { "" }
       *[other] . 그날의 다른 기록 { $more }건도 그렇습니다
    }
    .tag =
        { $person } 님이 { $at }에 { $record } 기록을 담당 등록했지만 플랫폼은 { $second } 님을 표시했습니다. 표시된 이름을 따릅니다{ $more ->
            [0] { "" }
           *[other] . 그날의 다른 기록 { $more }건도 그렇습니다
        }
CREDIT_DEVICE_OFF_DUTY = 그때 근무 중이 아니던 { $person } 님의 { $device } 기기가 { $records }번 사용되었습니다. 인정되지 않습니다
    .there = 그때 { $place }에서 근무 중이던 { $person } 님의 { $device } 기기가 { $records }번 사용되었습니다. 인정되지 않습니다
    .elsewhere = 여기서 근무한 적이 없는 사람의 { $device } 기기가 { $records }번 사용되었습니다. 인정되지 않습니다
DEVICE_BOUND_TO_SEVERAL = { $from }부터 { $device } 기기가 동시에 여러 사람이나 좌석의 것입니다. 등록은 유지되지만 그때 이 기기에서 쓴 것은 아무것도 알려 주지 않습니다
    .ever = { $device } 기기는 처음부터 동시에 여러 사람이나 좌석의 것이었습니다. 등록은 유지되지만 그때 이 기기에서 쓴 것은 아무것도 알려 주지 않습니다
CREDIT_DEVICE_OF_SEVERAL =
    { $device } 기기는 동시에 { $more ->
        [0] { $first } 님과 { $second } 님
       *[other] { $first } 님, { $second } 님과 다른 { $more }명
    }의 것이며 { $records }번 사용되었습니다. 인정되지 않습니다
    .beyond = { $device } 기기는 { $person } 님의 것이면서 동시에 여기서 근무한 적이 없는 사람의 것이며 { $records }번 사용되었습니다. 인정되지 않습니다
    .unknown = { $device } 기기는 동시에 여러 사람의 것이며 { $records }번 사용되었습니다. 인정되지 않습니다
DEVICE_OF_NOBODY =
    { $devices ->
        [1] 누구에게도 등록되지 않은 { $device } 기기가
       *[other] { $device } 등 누구에게도 등록되지 않은 기기 { $devices }대가
    } { $records }번 사용되었습니다. 같은 사람이 썼다는 것만 알 수 있습니다
    .near = 누구에게도 등록되지 않은 { $device } 기기가 { $records }번 사용되었고, 등록된 { $near } 기기는 사용된 적이 없습니다. 혹시 그 기기입니까?
    .seat = { $seat } 좌석의 { $device } 기기가 그 좌석에 배정된 사람이 없을 때 { $records }번 사용되었습니다. 그때는 누구의 것도 아니었습니다
    .ended = { $device } 기기가 등록의 마지막 날({ $to })이 지난 뒤 { $records }번 사용되었습니다. 그때는 누구의 것도 아니었습니다
    .coming = { $device } 기기가 등록의 첫날({ $from }) 전에 { $records }번 사용되었습니다. 그때는 누구의 것도 아니었습니다
EVIDENCE_NOT_READ = 정책 { $version }번 버전은 담당 등록, 기기, 메시지 시각을 읽지 않습니다. 이 달 이 계정에는 담당 등록 { $claims }건, 메시지 시각이 있는 기록 { $replies }건, 기록이나 메시지에 표시된 기기 { $devices }대가 있습니다
CREDIT_REPLY_OUTSIDE_RECORD = 답변 { $records }개가 기록이 시작하기 전이나 끝난 뒤에 있습니다. 반영되지 않습니다
BREAKS_NOT_PUNCHED = { $people }명의 근무일 { $days }일은 끊김 없는 근무 구간이었지만, 다른 사람이 일하는 동안 두 시간 이상 본인의 업무가 거의 없었습니다. 휴식도 체크했다면 이 계정의 기록 중 다른 사람에게 귀속되었을 것으로 예상되는 것이 약 { $now } 대신 약 { $breaks }입니다
CREDIT_CLOCKS_APART = 기록 { $records }건의 메시지 시계가 기록의 시계보다 { $minutes }분 { $seconds }초 빠릅니다. 그만큼 이르게 읽습니다
    .behind = 기록 { $records }건의 메시지 시계가 기록의 시계보다 { $minutes }분 { $seconds }초 느립니다. 그만큼 늦게 읽습니다
AMOUNTS_CONVERTED =
    기록 { $records }건의 금액을 { $from }에서 { $to } 통화로, 각각 현지 날짜의 환율로 환산하고 한 번만 반올림했습니다: { $rates }{ $more ->
        [0] { "" }
       *[other] { " " }외 { $more }개
    }
REFUND_EXCEEDS_SALE =
    판매 { $sales }건에서 판매 금액보다 많이 환불되어 0보다 작게 반영됩니다: { $named }{ $more ->
        [0] { "" }
       *[other] { " " }외 { $more }건
    }
REGION_SAME = { $region } 지역이 아닌 다른 지역으로만 전송할 수 있습니다
REPORT_NOT_A_MONTH = 보고서는 한 달을 대상으로 하는데 이 평가 주기는 { $from }부터 { $to }까지입니다. 한 달의 평가 주기를 만드십시오
NOTHING_TO_TELL = 알릴 수 있는 조직이 없습니다. 모두 다섯 명보다 적거나, 차이를 통해 다섯 명보다 적은 사람에 대해 알게 됩니다
TRANSFER_NOT_PREPARED =
    이 전송은 이미 { $stage ->
        [prepared] 준비되었습니다
        [approved] 승인되었습니다
        [released] 내보내졌습니다
        [withdrawn] 철회되었습니다
       *[rejected] 반려되었습니다
    }
TRANSFER_NOT_APPROVED = 이 전송은 다른 사람의 승인을 기다리고 있습니다
TRANSFER_DROPPED =
    이 전송은 { $stage ->
        [withdrawn] 철회되었습니다
       *[rejected] 반려되었습니다
    }. 새로 준비하십시오
TRANSFER_RELEASED = 이 전송은 이미 내보내졌습니다. 알린 내용은 되돌릴 수 없습니다
TRANSFER_STALE = 그사이 이 달에 대한 다른 보고서가 내보내졌고, 둘을 합치면 다섯 명보다 적은 사람에 대해 알게 됩니다. 다시 준비하십시오
TRANSFER_MALFORMED = 여기에 필요한 파일이 아니거나 전체가 아닙니다. ReleaseTransfer나 ExportStandard가 준 파일 전체를 보내십시오
TRANSFER_SIGNATURE_WRONG = { $region } 지역의 시스템이 서명한 파일이 아닙니다. 파일이 변조되었거나 그 지역의 새 공개 키가 여기에 없습니다
REGION_KEY_UNKNOWN = 여기에 { $region } 지역의 공개 키가 없습니다. 그 지역의 performance.pub를 키 폴더에 regions/{ $region }.pub로 넣으십시오
TRANSFER_OF_ANOTHER_GROUP = 다른 그룹의 파일입니다
TRANSFER_ALREADY_EXISTS = 이미 가져온 파일입니다
TRANSFER_KIND_EXPECTED = 무엇을 전송할지 지정하십시오: 보고서 또는 명부

## Compensation

CYCLE_NOT_PUBLISHED = 점수가 아직 바뀔 수 있습니다. 먼저 평가 주기를 공개하십시오
    .report = 평가 주기가 공개되지 않았습니다. 보고서는 확정된 것만 알립니다
    .correct = 평가 주기가 공개되지 않아 정정할 것이 없습니다. 다시 마감하면 현재 유효한 내용을 읽습니다
RESULT_VERSION_UNKNOWN = 평가 주기의 결과에 그런 버전이 없거나 그때까지 공개된 것이 없습니다. ListCardVersions로 버전을 확인하십시오
VERSION_TWICE = 버전과 시각 중 하나만 지정하십시오
CYCLE_CORRECTION_UNDERWAY = 이 평가 주기의 정정 { $cycle } 건이 공개되지 않았으며 이유나 평가 체계 버전이 다릅니다. 그 내용대로 요청하여 다시 계산하거나, 공개하거나(PublishCycle), 버리고(CancelCycle) 다시 요청하십시오
CORRECTION_CHANGES_NOTHING = 모든 평가표가 공개된 것과 같아 공개할 것이 없습니다. 이 정정을 버리고(CancelCycle), 평가 주기의 근거를 바로잡은 뒤 다시 요청하십시오
ACCOUNTS_EXPECTED = 계정을 하나 이상 { $most }개 이하로 지정하십시오
ACCOUNT_UNKNOWN_HERE = 귀하가 조회할 수 있는 { $account } 계정이 없습니다. ListAccounts로 아이디를 찾으십시오
UNIT_UNKNOWN_HERE = 귀속 계산을 시작하는 범위 안에 { $unit } 조직이 없습니다. ListOrgUnits로 아이디를 찾거나 상위 조직에서 귀속 계산을 시작하도록 하십시오
ACCOUNTS_OR_SCHEME = 계정과 평가 체계 중 하나만 쓸 수 있습니다. 하나를 빼십시오
POOL_WITHOUT_PEOPLE = 성과급 재원에서 지급할 사람이 없습니다. 평가 주기에 재원 조직의 평가표가 없습니다
POOL_OUTSIDE_CYCLE = 성과급 재원은 평가 주기의 조직이나 그 하위 조직의 것이어야 합니다. 그런 조직을 지정하거나, 평가 주기의 조직이면 비워 두십시오
PAY_OUTSIDE_UNIT = 평가 주기에 평가표가 있지만 평가 주기의 마지막 날에 재원의 조직에 속하지 않은 직원이 { $count }명입니다: { $people }. 조직은 소속 직원에게만 지급합니다. 이들을 제외한 대상자로 평가 주기를 마감하십시오
    .correction = 평가 주기에 평가표가 있지만 평가 주기의 마지막 날에 재원의 조직에 속하지 않은 직원이 { $count }명입니다: { $people }. 조직은 소속 직원에게만 지급합니다. 먼저 평가 주기를 정정하고(CorrectCycle) 이 정정의 초안을 다시 작성하십시오
POOL_NEGATIVE = 성과급 재원은 0보다 작을 수 없습니다. 0 이상의 금액을 쓰십시오. 재원으로 돈을 회수할 수는 없습니다
ZERO_SCORES = 0보다 큰 점수가 없어 나눌 기준이 없습니다. 먼저 평가 주기의 평가표를 확인하십시오
PART_WITHOUT_CLAIM = 성과급 재원의 { $place }번째 부분을 받을 사람이 없습니다. 가중치가 있는 구간이나 하한에 이른 점수가 없습니다. 그 부분의 규칙을 변경하십시오
SETTLEMENT_NOT_DRAFT =
    이 정산은 초안이 아니라 { $stage ->
        [draft] 초안
        [approved] 승인된
        [posted] 지급 확정된
       *[discarded] 폐기된
    } 상태입니다
SETTLEMENT_NOT_APPROVED =
    이 정산은 { $stage ->
        [draft] 초안
        [approved] 승인된
        [posted] 지급 확정된
       *[discarded] 폐기된
    } 상태입니다. 승인된 정산만 지급 확정할 수 있습니다
SETTLEMENT_POSTED = 지급 확정된 정산은 바뀌지 않습니다. 정정의 초안을 작성하면 다음 정산에서 차액이 지급됩니다
SETTLEMENT_NOT_POSTED =
    이 정산은 { $stage ->
        [draft] 초안
        [approved] 승인된
       *[discarded] 폐기된
    } 상태입니다. 지급 확정된 정산만 정정합니다. 폐기하고 초안을 다시 작성하십시오
PAY_CORRECTION_WAITS = 이 정산의 정정 { $correction } 건이 승인을 기다리고 있습니다. 먼저 승인하거나 철회하십시오
NOTHING_TO_CORRECT = 현재 평가표로도 모두가 정산과 그 정정에 따른 금액을 그대로 받습니다. 먼저 평가 주기를 정정하십시오. 아니면 바로잡을 것이 없습니다
PAY_CORRECTION_NOT_DRAFT =
    이 정정은 초안이 아니라 { $stage ->
        [approved] 승인된
       *[withdrawn] 철회된
    } 상태입니다
DELTAS_WAIT_NOW = 대기 중인 차액은 현재 기준으로만 알 수 있습니다. known_at이나 waiting_only를 빼십시오
CORRECTION_REASON_MISSING = 이유를 쓰십시오. 각 명세서에 표시됩니다
POOL_THERE = 이 평가 주기에 이름, 금액, 규칙이 같은 성과급 재원 { $pool } 건이 있습니다. 그것을 정산하거나, 같은 금액이 한 번 더 있는 것이면 다른 이름을 붙이십시오
POOL_PAID = 성과급 재원 { $pool } 건의 정산이 이미 지급 확정되었으며 재원은 한 번만 지급합니다. 나머지를 폐기하고, 지급할 돈이 더 있으면 다른 이름의 재원을 만드십시오
CARRY_MOVED = 초안을 작성한 뒤에 다른 정산이 지급 확정되거나 정정이 승인되어 끝전이 달라졌습니다. 초안을 다시 작성하십시오
DELTA_SCORE = 점수가 바로잡혔습니다({ $old } → { $new })
DELTA_AGAINST =
    { $by ->
        [fell] 본인의 점수가 바로잡혔지만({ $old } → { $new }) 다른 사람의 점수 합계가 더 많이 낮아져({ $others_old } → { $others_new }) 재원의 몫이 늘었습니다
        [rose] 본인의 점수가 바로잡혔지만({ $old } → { $new }) 다른 사람의 점수 합계가 더 많이 높아져({ $others_old } → { $others_new }) 재원의 몫이 줄었습니다
        [less] 본인의 점수({ $old } → { $new })와 다른 사람의 점수 합계({ $others_old } → { $others_new })가 바로잡혔습니다. 재원의 규칙에 따라 그래도 몫이 줄었습니다
       *[more] 본인의 점수({ $old } → { $new })와 다른 사람의 점수 합계({ $others_old } → { $others_new })가 바로잡혔습니다. 재원의 규칙에 따라 그래도 몫이 늘었습니다
    }
DELTA_ADDED = 점수 { $score }점이 추가되었습니다
DELTA_REMOVED = 점수 { $score }점이 취소되었습니다
DELTA_OTHERS = 다른 사람의 점수가 바로잡혔으며 재원은 모두가 나눕니다
POOL_WITHOUT_PARTS = 부분이 하나 이상 있어야 합니다
SHARES_NOT_WHOLE = 몫의 합({ $sum })이 백만분율로 정확히 1000000이 아닙니다
PART_OF_NOTHING = 몫이 없는 부분입니다. 빼십시오
PART_RULE_MISSING = 이 부분을 나누는 방법을 지정하십시오: tiers, proportional 또는 team_fund
PART_WITHOUT_TIERS = 구간이 하나 이상 있어야 합니다
TIERS_OUT_OF_ORDER = 좋은 구간부터 쓰고 min_score가 점점 낮아지게 하십시오
TIERS_MIXED = 모든 구간에 min_score를 쓰거나 모든 구간에 할당을 쓰십시오
TIERS_WITHOUT_WEIGHT = 가중치가 모두 0이어서 아무도 받을 수 없습니다
TIER_WEIGHTS_OUT_OF_ORDER = 나쁜 구간의 가중치가 좋은 구간보다 큽니다
STATEMENT_AMOUNT =
    점수 { $score }점에 대해 { $paid } 지급: 똑같이 나누었을 때의 금액({ $equal }){ $than ->
        [less] 보다 { $difference } 적습니다
        [same] 과 같습니다
       *[more] 보다 { $difference } 많습니다
    }.
STATEMENT_WITHOUT_TIER = { $number }번째 부분(재원의 { $share }, { $part }), 구간별: 점수가 어느 구간에도 이르지 않아 { $amount }입니다.
STATEMENT_TIER_WITHOUT_WEIGHT = { $number }번째 부분(재원의 { $share }, { $part }), 구간별: { $tier } 구간에 가중치가 없어 { $amount }입니다.
STATEMENT_NOT_ABOVE_FLOOR = { $number }번째 부분(재원의 { $share }, { $part }), 점수에 비례: 점수가 { $floor }점을 넘지 않아 { $amount }입니다.
STATEMENT_PART = { $number }번째 부분(재원의 { $share }, { $part }), { $claim }, 전체 합계 { $sum }; { $major } × { $weight } / { $sum } = { $rounded }{ $carried }; 따라서 { $amount }입니다.
STATEMENT_BY_TIER = 구간별: { $tier } 구간의 가중치 { $weight }
STATEMENT_ABOVE_FLOOR = { $floor }점을 넘는 점수에 비례: { $points }점
STATEMENT_BY_SCORE = 점수에 비례: { $points }점
STATEMENT_EXACT = 정확히 { $whole }
STATEMENT_ROUNDED =
    { $whole } + { $smallest }의 { $fraction }; { $smallest } 단위의 끝전 { $units }개 중 { $came ->
        [yes] 하나가 여기에 왔습니다
       *[no] 여기에 온 것은 없습니다
    }
STATEMENT_CARRIED = ; 이전에서 이월 { $before }, 다음으로 이월 { $after }

## The bundle: what is said of files, rows and settings. A reason and its cure are two cells of rejected.csv

UNUSABLE = { $file }: { $problem }. { $cure }.
SEVERAL_PROBLEMS = { $problems }
REASON_ALSO = { $reason }; 또한 { $column }: { $more }
AND_MORE_ROWS = 이 파일에서 { $count }개 행이 더 거부되었습니다
AND_MORE_ROWS_CURE = 위의 행부터 고치십시오. 나머지는 대부분 같은 이유로 거부됩니다
AND_MORE_FINDINGS = 같은 유형이 더 있습니다
FIRST_REJECTED = { $line }행{ $column }: { $reason }({ $cure })
FIRST_REJECTED_COLUMN = , { $column } 열
EVERY_ROW_REJECTED = ; 모든 행이 거부되었습니다: { $first }
ROWS_REJECTED = ; { $count }개 행이 거부되었으며 첫 번째는 다음과 같습니다: { $first }
HINT_NEAR = { " " }(혹시 { $near }입니까?)
HINT_MEANT = { " " }(혹시 { $near }입니까?)
HINT_MEANT_AS = { " " }(혹시 { $near } 항목이 { $column }입니까?)
HINT_THERE_IS = { " " }(있는 것: { $near })
NO_FOLDER = 폴더로 읽을 수 없습니다({ $error })
NO_FOLDER_CURE = people.csv, accounts.csv, records.csv가 있는 폴더를 지정하십시오
MISSING_FILE = { $folder } 폴더에 없습니다{ $hints }
MISSING_FILE_CURE = 정확히 이 이름으로 파일을 추가하십시오. 모든 파일의 설명은 docs/bundle.md에 있습니다
NOT_A_FILE = 파일이 아닙니다
NOT_A_FILE_CURE = 그 자리에 CSV 또는 YAML 파일을 두십시오
UNREADABLE = 읽을 수 없습니다({ $error })
UNREADABLE_CURE = 파일과 그 권한을 확인하십시오
UNKNOWN_FILE = 이 파일을 읽는 곳이 없습니다{ $hint }
EMPTY_OPTIONAL_FILE = 파일이 비어 있어 건너뛰었습니다
THE_PERIOD = 기간
PERIOD_BACKWARDS_CURE = --from과 --to를 서로 바꾸십시오
PERIOD_HALF = 두 끝 중 하나가 없습니다
PERIOD_HALF_CURE = --from과 --to를 모두 쓰거나 모두 빼십시오
PERIOD_OF_DAYS = 기간이 { $days }일인데 한 번에 최대 { $most }일까지 마감합니다
PERIOD_OF_DAYS_CURE = 나누어 마감하십시오
TEAM_WITHOUT_PEOPLE = people.csv에 { $team } 팀 소속 직원이 없습니다
BRANCH_WITHOUT_PEOPLE = people.csv에 이 지사 소속 직원이 없습니다
TOO_LARGE_SETTINGS = 1MiB보다 큽니다
TOO_LARGE_SETTINGS_CURE = 설정은 한 페이지 정도의 텍스트입니다. 이 이름의 파일이 맞는지 확인하십시오
NOT_VALID_TEXT = 올바른 텍스트가 아닙니다
NOT_VALID_TEXT_CURE = UTF-8로 저장하십시오
ZERO_BYTES = CSV나 YAML 파일에는 없는 0 바이트가 들어 있습니다
ZERO_BYTES_CURE = UTF-8 CSV로 다시 내보내십시오(스프레드시트 파일은 CSV 파일이 아닙니다)
UNKNOWN_ENCODING = 텍스트가 UTF-8, UTF-16, GBK 중 어느 것도 아닙니다({ $encoding } 형식으로 보입니다)
BAD_YAML = 올바른 YAML이 아닙니다: { $cause } (해석기 메시지: “{ $said }”)
    .at = { $line }행 { $column }열에서 올바른 YAML이 아닙니다: { $cause } (해석기 메시지: “{ $said }”)
YAML_KEY_TWICE = { $key } 키가 두 번 있습니다
    .lines = { $key } 키가 { $first }행과 { $second }행에 두 번 있습니다
YAML_TAB = 공백만 쓸 수 있는 곳에 탭이 있습니다
YAML_NOT_CLOSED = 열린 괄호, 중괄호 또는 따옴표가 닫히지 않았습니다
YAML_NO_VALUE = 값이 있어야 합니다
YAML_BAD_START = 이 기호로 시작하는 값은 없습니다. 텍스트를 따옴표로 묶으십시오
YAML_SIGN = &, *, !로 시작하는 텍스트는 참조나 태그입니다. 따옴표로 묶으십시오
YAML_ESCAPE = 큰따옴표 안의 백슬래시는 특수 문자의 시작입니다. 두 번 쓰거나 작은따옴표를 쓰십시오
YAML_STRUCTURE = 키, 콜론 또는 들여쓰기가 맞지 않습니다
YAML_OTHER = 읽을 수 없습니다
BAD_YAML_CURE = 그곳의 YAML을 고치십시오: 단계마다 공백 두 개, 콜론 뒤에 공백 하나
YAML_KEY_TWICE_CURE = 맞는 것을 남기고 다른 것을 삭제하십시오
YAML_NUMBER_TOO_LARGE = 수가 너무 커서 읽을 수 없습니다(해석기 메시지: “{ $said }”)
YAML_NUMBER_TOO_LARGE_CURE = 더 작은 수를 쓰십시오
YAML_UNSEEN = { $line }행에 보이지 않는 문자({ $character })가 들어 있습니다
YAML_UNSEEN_CURE = 그 문자를 삭제하거나 그 행을 다시 입력하십시오
INVALID_SETTINGS_CURE = 이 값들을 고치십시오. 예는 docs/bundle.md에 있습니다

## The bundle: tables

EMPTY_FILE = 비어 있습니다
EMPTY_FILE_CURE = 내용을 채우십시오. 첫 줄은 { $header }입니다
NOT_CSV = 헤더가 있는 CSV 파일이 아닙니다: { $why }
NOT_CSV_CURE = CSV로 내보내십시오. 첫 줄은 { $header }입니다
    .named = `sep=` 줄을 삭제하거나 구분 기호 하나로 파일을 다시 저장하십시오
NOT_CSV_NO_END = 첫 줄이 끝나지 않거나 그 안의 따옴표가 닫히지 않았습니다
NOT_CSV_NO_TEXT = 첫 줄이 텍스트가 아닙니다
NOT_CSV_NO_COLUMN = 첫 줄에 열 이름이 하나도 없습니다
    .named_not = 첫 줄은 `sep={ $named }`인데 그 아래 헤더는 `{ $sign }` 기호로 구분되어 있습니다
    .named_not_tab = 첫 줄은 `sep={ $named }`인데 그 아래 헤더는 탭으로 구분되어 있습니다
CONVERTED_ENCODING = { $encoding } 형식으로 읽어 UTF-8로 변환했습니다
SEPARATED_BY_TAB = 열이 탭으로 구분되어 있습니다
SEPARATED_BY_SIGN = 열이 { $sign } 기호로 구분되어 있습니다
SEPARATED_BY_SEMICOLON = 열이 세미콜론으로 구분되어 있습니다
LINE_TOO_LONG = 줄이 1MiB보다 깁니다
LINE_TOO_LONG_CURE = 줄 끝이 어디서 빠졌는지 확인하십시오
TOO_MANY_CELLS = 셀은 { $cells }개인데 헤더는 { $columns }개입니다
TOO_MANY_CELLS_CURE = 쉼표나 따옴표가 있는 셀을 큰따옴표로 묶으십시오
NOT_TEXT_IN_ENCODING = 파일의 인코딩으로 텍스트가 아닌 바이트가 들어 있습니다
UNSEEN_CHARACTER = 보이지 않는 문자({ $character })가 들어 있습니다
UNSEEN_CHARACTER_CURE = 삭제하십시오. 셀을 다시 입력하거나 내보내는 프로그램에서 그 열을 정리하십시오
OPEN_QUOTE = 셀을 여는 따옴표가 제자리에서 닫히지 않았습니다
OPEN_QUOTE_CURE = "5"" 화면"처럼 셀 안의 따옴표는 두 번 쓰십시오
UNBALANCED_QUOTES = 아주 많은 곳에서 따옴표의 짝이 맞지 않으며 마지막은 { $line }행입니다
UNBALANCED_QUOTES_CURE = CSV로 다시 내보내십시오. 셀 안의 따옴표는 두 번 씁니다
COLUMN_TWICE = { $column } 열이 두 번 있습니다
    .names = { $column } 열이 “{ $one }”, “{ $other }”로 두 번 있습니다
COLUMN_TWICE_CURE = 하나만 남기거나 다른 하나의 이름을 바꾸십시오
MISSING_COLUMNS = 헤더에 { $columns } 열이 없습니다{ $hints }
MISSING_COLUMNS_CURE = 추가하십시오. 전체 헤더는 { $header }입니다
MISSING_KIND_CURE = 추가하십시오. 전체 헤더는 { $header }입니다. 또는 group.yaml에 `punches: alternating`이나 `punches: first_last`를 쓰십시오
MISSING_COLUMN = 이 열이 없어 모든 행에서 빈 값으로 처리합니다
UNKNOWN_COLUMN = 이 열을 읽는 곳이 없습니다{ $hint }
EQUAL_ROWS = 같은 행은 한 번만 받았습니다({ $count }개 제외)

## The bundle: cells

IT_IS_EMPTY = 비어 있습니다
IT_IS_EMPTY_CURE = 값을 채우십시오
TOO_MANY_CHARACTERS = { $most }자보다 깁니다
TOO_MANY_CHARACTERS_CURE = 줄이십시오
TOO_MANY_MEASURES = 알려진 열 외에 측정값이 { $most }개를 넘습니다
TOO_MANY_MEASURES_CURE = 측정에 쓰지 않는 열을 빼십시오
NO_TIME_ZONE = ‘{ $text }’ 값은 시간대가 아닙니다
NO_TIME_ZONE_CURE = Asia/Shanghai 같은 IANA 이름을 쓰십시오
STANDS_FOR_NO_VALUE = ‘{ $text }’ 값은 값이 없음을 뜻합니다
STANDS_FOR_NO_VALUE_CURE = 아이디를 쓰십시오. 없으면 그 행을 빼십시오
FORMULA_FAILED = ‘{ $text }’ 값은 스프레드시트에서 수식이 실패했을 때 표시되는 것이며 실제 값이 아닙니다
FORMULA_FAILED_CURE = 수식을 고치거나 원래 출처에서 그 열을 내보내십시오. 값이 없을 때만 셀을 비워 두십시오
NEITHER_YES_NOR_NO = ‘{ $text }’ 값은 예도 아니요도 아닙니다
NEITHER_YES_NOR_NO_CURE = true, false, 1, 0, yes, no, 是, 否 중 하나를 쓰거나 비워 두십시오
NO_SMALL_COUNT = ‘{ $text }’ 값은 1부터 1000까지의 정수가 아닙니다
NO_SMALL_COUNT_CURE = 그런 수를 쓰십시오
IT_IS_NEGATIVE = 음수입니다
IT_IS_NEGATIVE_CURE = 0 이상의 수를 쓰거나 비워 두십시오
NUMBER_ABOVE_RANGE = { $text } 값이 너무 큽니다
NUMBER_ABOVE_RANGE_CURE = 0부터 { $most }까지의 수를 쓰거나, 측정하지 않았으면 비워 두십시오
NO_NUMBER = ‘{ $text }’ 값은 수가 아닙니다
    .comma = ‘{ $text }’ 값에 쉼표가 있는데, group.yaml에 `numbers`가 없으면 수에는 소수점만 쓰고 자릿수 구분 기호는 쓰지 않습니다
    .exponent = ‘{ $text }’ 값에 지수 표기가 있는데 수에는 쓸 수 없습니다
NO_NUMBER_CURE = 12.5처럼 숫자와 소수점으로 쓰거나, 측정하지 않았으면 비워 두십시오
    .needed = 12.5처럼 숫자와 소수점으로 쓰거나 그 행을 빼십시오
NEGATIVE_AMOUNT = 금액 { $text } 값이 음수입니다
NEGATIVE_AMOUNT_CURE = 환불은 refers_to에 판매의 external_id를 쓰고 금액을 음수로 한 별도의 행으로 쓰거나, 셀을 비워 두십시오
NO_AMOUNT = ‘{ $text }’ 값은 금액이 아닙니다
NO_AMOUNT_CURE = 통화 기호 없이 1234.50처럼 숫자와 소수점으로 쓰거나, group.yaml에 수를 쓰는 방식을 지정하십시오: 1,234.50이면 `numbers: { "{" }decimal: ".", grouping: ","{ "}" }`, 1.234,50이면 `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
    .yaml = 통화 기호와 자릿수 구분 기호 없이 1234.50처럼 숫자와 소수점으로 쓰십시오
AMOUNT_DECIMALS = { $text } 값은 { $currency } 통화의 소수 자릿수({ $digits })를 넘습니다
    .told = { $text } 값은 { $currency } 통화의 소수 자릿수({ $digits })를 넘습니다. group.yaml에서는 ‘{ $sign }’ 기호 뒤가 소수입니다
AMOUNT_DECIMALS_CURE = 통화의 최소 단위로 반올림하거나, 1.234가 천이백삼십사이면 group.yaml에 그렇게 지정하십시오: `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
    .either = { $whole } 또는 { $decimal } 중 맞는 것을 쓰십시오
    .round = 통화의 최소 단위로 반올림하십시오
    .whole = { $whole } 값이 맞으면 그렇게 쓰고, 아니면 통화의 최소 단위로 반올림하십시오
HUGE_AMOUNT = 금액 { $text } 값이 너무 큽니다
HUGE_AMOUNT_CURE = 단위를 확인하십시오. 기본 화폐 단위입니다
NO_DATE = ‘{ $text }’ 값은 날짜가 아닙니다
NO_DATE_CURE = 2026-03-02처럼 연-월-일로 쓰십시오
NO_TIME = ‘{ $text }’ 값은 시각이 아닙니다
NO_TIME_CURE = 2026-03-02 09:00:00처럼 쓰거나, 시차를 넣어 2026-03-02T09:00:00+08:00처럼 쓰십시오
TIME_BEYOND_RANGE = 시각이 사용할 수 있는 범위를 벗어났습니다
TIME_BEYOND_RANGE_CURE = 연도를 확인하십시오
TIME_SKIPPED = { $zone } 시간대에는 { $time } 시각이 없습니다. 시계가 { $before }에서 { $after }까지 앞당겨졌습니다
TIME_SKIPPED_CURE = { $time }{ $offset }처럼 시차를 넣어 시각을 쓰십시오
THAT_ZONE = 그 시간대
MAY_BE_GROUPED = ‘{ $text }’ 값은 소수일 수도 있고 자릿수 구분 기호가 있는 수일 수도 있습니다
GROUPED_BY_SPACE = ‘{ $text }’ 값의 숫자 사이에 공백이 있습니다
GROUPED_BY_SPACE_CURE = 공백을 빼거나, group.yaml에 수를 쓰는 방식을 지정하십시오: 1 234,50이면 `numbers: { "{" }decimal: ",", grouping: space{ "}" }`, 1 234.50이면 `numbers: { "{" }decimal: ".", grouping: space{ "}" }`
MAY_BE_GROUPED_CURE = group.yaml에 수를 쓰는 방식을 지정하십시오. 예: `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
NOT_AS_GROUP_YAML = ‘{ $text }’ 값은 group.yaml에서 지정한 방식으로 쓴 수가 아닙니다
NOT_AS_GROUP_YAML_CURE = 소수 앞에 ‘{ $decimal }’ 기호를 쓰고 자릿수 구분 기호는 쓰지 않거나, group.yaml의 `numbers`를 고치십시오
    .grouped = 소수 앞에 ‘{ $decimal }’ 기호를, 천 단위 사이에 ‘{ $grouping }’ 기호를 쓰거나, group.yaml의 `numbers`를 고치십시오
    .spaced = 소수 앞에 ‘{ $decimal }’ 기호를, 천 단위 사이에 공백을 쓰거나, group.yaml의 `numbers`를 고치십시오

## The bundle: people, accounts, aliases

SHORTENED_NUMBER = { $text } 값은 스프레드시트가 앞자리만 남기고 자른 수입니다
EXPORT_AS_TEXT = 그 열을 텍스트로 내보내십시오
EMPTY_SEGMENT = ‘{ $text }’ 값에 빈 부분이 있습니다
EMPTY_SEGMENT_CURE = East/Chat/Team 1처럼 지사를 맨 앞에 두고 슬래시 하나씩으로 경로를 쓰십시오
TOO_DEEP = 조직이 { $depth }단계입니다
TOO_DEEP_CURE = 지사를 맨 앞에 두고 최대 { $most }개 조직까지 쓰십시오
EMPLOYMENT_BACKWARDS = 고용의 종료일 { $left } 날짜가 시작일 { $hired } 날짜보다 앞섭니다
EMPLOYMENT_BACKWARDS_CURE = 날짜를 고치십시오. left_on은 마지막 근무일입니다
NO_PEOPLE = 직원이 한 명도 없습니다{ $why }
NO_PEOPLE_CURE = 직원마다 한 행씩 추가하십시오
NAMES_DIFFER = { $lines }행은 사번({ $number })이 같은데 이름이 다릅니다
NAMES_DIFFER_CURE = 직원마다 고유한 사번을 주거나, 같은 사번의 모든 행에 같은 이름을 쓰십시오
ZONES_DIFFER = { $lines }행은 사번({ $number })이 같은데 시간대가 다릅니다
ZONES_DIFFER_CURE = 같은 사번의 모든 행에 같은 시간대를 쓰십시오. 한 직원의 시간대는 하나입니다
EMPLOYMENTS_OVERLAP = { $lines }행은 사번({ $number })이 같고 기간이 겹칩니다: { $one } / { $other }
EMPLOYMENTS_OVERLAP_CURE = 직원마다 한 행만 남기거나, 고용마다 겹치지 않는 날짜를 쓰십시오. left_on은 마지막 날입니다
DAYS = { $from } ~ { $to }
TWO_LINES = { $one }, { $other }
NO_END = 종료 없음
MOVED = { $until }까지 { $before }; { $from }부터 { $after }
NO_ACCOUNTS = 계정이 하나도 없습니다{ $why }
NO_ACCOUNTS_CURE = 플랫폼 계정마다 한 행씩 추가하십시오
ACCOUNT_ROWS_DIFFER = 이 계정의 행들이 zone, team 또는 exclusive에서 다릅니다
ACCOUNT_ROWS_DIFFER_CURE = 계정의 모든 행에 같게 쓰십시오
PHASES_ON_ONE_DAY = 이 계정의 두 단계가 같은 날 시작합니다
PHASES_ON_ONE_DAY_CURE = 단계마다 첫날을 다르게 쓰십시오
SLASH_IN_NAME = ‘{ $text }’ 값에 슬래시가 있습니다
SLASH_IN_NAME_CURE = 플랫폼, 스토어, 계정에 슬래시를 쓰지 마십시오
NO_EMPLOYMENT_KIND = ‘{ $text }’ 값은 고용 형태가 아닙니다
NO_EMPLOYMENT_KIND_CURE = full_time, part_time, fixed_term, intern, agency, outsourced, freelance 중 하나를 쓰거나 셀을 비워 두십시오
NO_CONTRIBUTORS = ‘{ $text }’ 값은 기여자를 나타내지 않습니다
    .role = ‘{ $text }’ 값은 기여자를 나타내지 않습니다. “{ $role }” 값은 역할이 아닙니다
    .twice = ‘{ $text }’ 값에 { $named } 항목이 두 번 있습니다
    .many = ‘{ $text }’ 값에 기여자가 한 기록에 쓸 수 있는 { $max }명보다 많습니다
NO_CONTRIBUTORS_CURE = 역할=사번으로 쓰고 여러 명이면 ; 기호로 나누십시오. 역할은 first_answer, closer, after_sales이며 예: first_answer=A001;closer=A007
    .twice = 둘 중 하나를 빼십시오. 한 사람은 한 역할에 한 번만 쓰며, aliases.csv의 별칭과 사번이 같은 사람을 뜻할 때도 그렇습니다
    .many = 일부를 빼고 최대 { $max }명까지 쓰십시오
POLICY_SPLIT = version과, 합이 100이 되는 first_answer, closer, after_sales의 퍼센트를 쓰십시오
NO_PHASE = ‘{ $text }’ 값은 단계가 아닙니다
NO_PHASE_CURE = shared, mixed, named 중 하나를 쓰십시오
CORRECT_THE_DATES = 날짜를 고치십시오
ALIAS_IS_A_NUMBER = { $alias } 별칭은 다른 사람의 사번입니다
ALIAS_IS_A_NUMBER_CURE = 이 별칭의 기록이 그 사람의 것으로 읽힙니다. 별칭의 이름을 바꾸십시오
ALIAS_OF_TWO = { $alias } 별칭이 동시에 두 사람을 뜻합니다
ALIAS_TWICE = 여러 행이 겹치는 날짜에 { $alias } 별칭을 같은 사람에게 지정합니다
ALIAS_OF_TWO_CURE = 행마다 겹치지 않는 from과 to 날짜를 쓰십시오
DEVICE_OF_NOTHING = 누구의 기기인지 나타내는 사번도 좌석도 없습니다
DEVICE_OF_BOTH = 직원(employee_no)과 좌석이 모두 있습니다
DEVICE_OF_BOTH_CURE = 사번이나 좌석 중 하나를 쓰고 다른 하나는 비워 두십시오
DEVICE_TWICE = 여러 행이 같은 날부터 { $device } 기기를 같은 사람이나 좌석에 지정하는데 종료일이 다릅니다

## The bundle: whom and what a row means

NOT_IN_PEOPLE = people.csv에 { $number } 사번이 없습니다
NOT_IN_PEOPLE_CURE = 직원을 people.csv에 추가하거나 사번을 고치십시오
ROWS_OF_NUMBER_REJECTED = people.csv에서 { $number } 사번의 행이 거부되었습니다
ROWS_OF_ACCOUNT_REJECTED = accounts.csv에서 { $account } 계정의 행이 거부되었습니다
ROWS_OF_RECORD_REJECTED = records.csv에서 { $account } 계정의 { $record } 기록 행이 거부되었습니다
ROWS_OF_ALIAS_REJECTED = aliases.csv에서 { $platform } 플랫폼의 { $alias } 별칭 행이 거부되었습니다
ROWS_REJECTED_CURE = 그 행부터 고치십시오. 각 행과 해결 방법은 rejected.csv에 있습니다
NAME_FOR_NUMBER = { $text } 값은 이름인데 사번이 있어야 합니다(혹시 { $near }입니까?)
NAME_FOR_NUMBER_CURE = 사번을 쓰십시오. 별칭은 records.csv의 agent와 contributors 열에서만 쓸 수 있습니다
    .agent = 사번을 쓰거나 aliases.csv에 별칭을 등록하십시오
LOST_ZEROS = people.csv에 { $text } 사번이 없습니다(혹시 { $near }입니까?)
LOST_ZEROS_CURE = 스프레드시트는 앞의 0을 없앱니다. 그 열을 텍스트로 내보내십시오
GROUPED_NUMBER = people.csv에 { $text } 사번이 없습니다(혹시 { $near }입니까?)
GROUPED_NUMBER_CURE = 스프레드시트가 숫자에 자릿수 구분 기호를 넣었습니다. 그 열을 텍스트로 내보내십시오
ONE_OF_TWO = { $one } 또는 { $other }
SEVERAL_STORES = 여러 스토어에 { $account } 계정이 있습니다
SEVERAL_STORES_CURE = 플랫폼/스토어/계정으로 쓰십시오
ACCOUNT_UNKNOWN_CURE = 계정을 accounts.csv에 추가하거나 이름을 고치십시오
UNKNOWN_AGENT = { $agent } 상담원은 people.csv에 없고 { $platform } 플랫폼의 별칭도 아닙니다
ALIAS_NOT_THEN = { $platform } 플랫폼의 { $agent } 별칭은 { $day }에 유효하지 않습니다
UNKNOWN_AGENT_CURE = 직원을 people.csv에, 또는 별칭을 aliases.csv에 추가하거나 agent를 비워 두십시오

## The bundle: records and duty

NO_RECORD_USABLE = 사용할 수 있는 기록이 없습니다{ $why }
NO_RECORD_IN_PERIOD = { $from }부터 { $to }까지 시작하는 기록이 없습니다{ $others }{ $why }
RECORDS_OUTSIDE = { " " }(기간 밖에 { $count }건 있음)
NO_RECORDS_CURE = 기록이 있는 날짜를 지정하고(--from과 --to, 또는 group.yaml의 period) 거부된 행을 고치십시오
OUTSIDE_PERIOD = 기록 { $count }건은 { $from }부터 { $to }까지 시작하지 않아 제외되었습니다(예: { $example })
OBSERVATIONS_OUTSIDE = 관측값 { $count }건은 { $from }부터 { $to }까지의 날짜에 대한 것이 아니어서 이 기간에 반영되지 않습니다(예: { $example })
NO_PERIOD = 어느 기간을 마감할지 알 수 있는 기록이 없습니다
NO_PERIOD_CURE = 날짜를 지정하십시오(--from과 --to, 또는 group.yaml의 period)
NO_RATE = “{ $text }” 값은 환율이 아닙니다
NO_RATE_CURE = 7.1234처럼 숫자와 소수점 하나까지만 쓰고, 소수점 이하는 최대 { $places }자리, 전체는 18자리까지 쓰십시오
RATE_NOT_ABOVE_0 = 환율은 0보다 커야 합니다
RATE_NOT_ABOVE_0_CURE = 앞 통화 1단위가 뒤 통화로 얼마인지 쓰십시오
RATE_OF_ONE_CURRENCY = 같은 통화 사이의 환율입니다
RATE_OF_ONE_CURRENCY_CURE = 두 열 중 하나에 다른 통화를 쓰십시오
RATES_CONTRADICT = 여러 행이 같은 날 같은 통화의 환율을 서로 다르게 정합니다: { $rates }
POPULATION_WITHOUT_PEOPLE = population에 해당하면서 { $from }부터 { $to }까지 재직 중인 사람이 없습니다
POPULATION_WITHOUT_PEOPLE_CURE = 대상자에 대해 people.csv에 있는 대로 쓰거나 population을 빼십시오({ $said })
POPULATION_COLUMN = { $column }: { $words }
POPULATION_OF_NOBODY = people.csv에 { $column } 값이 “{ $word }”인 사람이 없습니다{ $hint }
TOO_MANY_REPLIES = 메시지 행이 { $most }개를 넘습니다
TOO_MANY_RECORDS = 이 기간의 기록이 { $most }건을 넘습니다
TOO_MANY_RECORDS_CURE = 지사별 또는 주별로 나누어 마감하십시오
SEVERAL_MONTHS = 기록이 { $count }개 달에 걸쳐 시작합니다({ $months })
SEVERAL_MONTHS_CURE = 마감할 날짜를 지정하십시오. 예: --from { $from } --to { $to }
RECORD_BACKWARDS = 종료 { $end } 시각이 시작 { $start } 시각보다 앞섭니다
RECORD_BACKWARDS_CURE = 시각을 고치거나 두 열을 서로 바꾸십시오
SHORTENED_ID_KEPT = { $count }개 행에서 스프레드시트가 번호를 앞자리만 남기고 잘랐습니다(예: { $example }). 텍스트로 내보내십시오. 그대로 사용했습니다
SHORTENED_CUSTOMER = { $count }개 행에서 스프레드시트가 번호를 앞자리만 남기고 잘랐습니다(예: { $example }). 텍스트로 내보내십시오. 빈 값으로 처리했습니다
VALUE_LOST_EMPTY = { $count }개 셀에 스프레드시트가 값 대신 표시한 것이 들어 있습니다(예: { $example }). 빈 값으로 처리했습니다
VALUE_LOST_KEPT = { $count }개 셀에 스프레드시트가 값 대신 표시한 것이 들어 있습니다(예: { $example }). 그대로 사용했습니다
NO_VALUE_TAKEN_AS_EMPTY = { $count }개 셀이 값이 없음을 뜻합니다(예: { $example }). 빈 값으로 처리했습니다
UNSEEN_LEFT_OUT = { $count }개 셀에 보이지 않는 문자가 들어 있어 그 문자를 빼고 읽었습니다(예: { $example })
DECIMAL_TAKEN_AS_WHOLE = 정수 { $count }개가 소수로 쓰여 있어 소수 부분을 빼고 읽었습니다(예: { $example })
ZEROS_APART = { $count }개 행의 번호(예: { $example })가 다른 행에는 앞에 0을 붙여 쓰여 있어 서로 다른 번호로 처리했습니다. 스프레드시트는 앞의 0을 없애므로 그 열을 텍스트로 내보내십시오
CONTRIBUTORS_NOBODY = 기여자 { $count }명이 기록의 날짜에 people.csv에도 aliases.csv에도 없습니다(예: { $example }). 기록은 반영되고 그 몫은 함께 기여한 다른 사람이 갖습니다. 직원을 people.csv에, 또는 별칭을 aliases.csv에 추가하거나 이름을 고친 뒤 다시 마감하십시오
LONG_RECORDS = 기록 { $count }건이 { $hours }시간 이상 이어집니다(예: { $example }). 아무도 종료하지 않은 문의의 시각일 수 있습니다
REPLY_WITHOUT_RECORD = records.csv의 { $account } 계정에 { $record } 기록이 없습니다{ $hint }
    .elsewhere = records.csv의 { $account } 계정에 { $record } 기록이 없고 { $other } 계정에 있습니다
REPLY_WITHOUT_RECORD_CURE = 기록을 records.csv에 추가하거나(행을 읽지 못했다면 rejected.csv에 있습니다) 계정이나 아이디를 고치십시오
REPLIES_ABOVE_MOST = { $account } 계정의 { $record } 기록에 메시지가 { $count }개 있습니다. 처음 { $most }개만 받고 { $at }부터의 나머지 { $rows }개는 받지 않았습니다
CLAIM_OF_BOTH = { $record } 기록과 { $customer } 고객이 모두 있습니다
CLAIM_OF_BOTH_CURE = 둘 중 하나만 남기십시오. 둘 다 없으면 계정의 다음 기록에 대한 담당 등록입니다
REPLIES_ABOVE_MOST_CURE = 기록을 다시 내보내십시오. 이렇게 많은 메시지는 한 아이디로 묶인 여러 기록의 것입니다
REPLIES_OUTSIDE_PERIOD = 메시지 { $count }개는 { $from }부터 { $to }까지 시작하지 않는 기록의 것이어서 제외되었습니다(예: { $example })
CLAIMS_OUTSIDE_PERIOD = 담당 등록 { $count }건은 { $from }부터 { $to }까지 한 것이 아니어서 제외되었습니다(예: { $example })
RECORD_TOO_LONG = { $start }부터 { $end }까지 { $days }일 동안 이어집니다
RECORD_TOO_LONG_CURE = 날짜를 고치십시오. 기록은 { $most }일을 넘을 수 없습니다
NO_ROWS = 헤더만 있고 그 아래에 행이 없습니다
NO_ROWS_CURE = 이 달의 기록을 행과 함께 다시 내보내십시오
DUPLICATE_RECORD = 이 external_id가 같은 내용으로 여러 번 있어 한 번만 받았습니다({ $count }개 제외)
    .revised = 이 external_id가 여러 리비전으로 있어 리비전 { $revision } 내용을 사용합니다(이전 리비전의 { $count }개 행 제외)
DUPLICATE_ROW_REVISED = 여러 리비전으로 있어 리비전 { $revision } 내용을 사용합니다(이전 리비전의 { $count }개 행 제외)
REFUND_PAYS_NOTHING = 이 행은 다른 기록을 가리켜 환불인데 금액이 음수가 아닙니다
REFUND_PAYS_NOTHING_CURE = 환불한 금액을 음수로 쓰거나 refers_to를 비워 두십시오
REVISED_TWICE = 이 행에 리비전과 변경 시각이 모두 있습니다
REVISED_TWICE_CURE = 둘 중 하나를 비워 두십시오
NO_CURRENCY = “{ $text }” 값은 통화가 아닙니다
NO_CURRENCY_CURE = JPY 같은 ISO 4217 코드를 쓰거나, 그룹의 통화면 비워 두십시오
NO_REVISION = “{ $text }” 값은 리비전이 아닙니다
NO_REVISION_CURE = 0 이상의 정수를 쓰거나 비워 두십시오
ID_TWICE_DIFFERENT = { $account } 계정에 { $id } 아이디가 서로 다른 내용으로 { $count }번 있습니다
ID_TWICE_SAME = { $account } 계정에 { $id } 아이디가 같은 내용으로 { $count }번 있습니다
ID_TWICE_CURE = 맞는 행만 남기거나 기록마다 고유한 external_id를 주십시오
ID_TWICE_SHORTENED_CURE = 스프레드시트가 아이디를 앞자리만 남기고 잘랐습니다. 그 열을 텍스트로 내보내십시오
SHIFT_BACKWARDS = 근무 일정의 종료 { $end } 시각이 시작 { $start } 시각보다 늦지 않습니다
SHIFT_BACKWARDS_CURE = 야간 근무는 다음 날 끝납니다. 그 날짜를 쓰십시오
SECOND_OF_TWO = 시계가 뒤로 조정되어 같은 시각이 두 번 있었으며, { $count }개 행의 종료는 두 번째 시각입니다. 첫 번째는 시작보다 앞섭니다(예: { $example })
    .reply = 시계가 뒤로 조정되어 같은 시각이 두 번 있었으며, 메시지 { $count }개의 시각은 두 번째 시각입니다. 첫 번째는 기록 안에 있지 않습니다(예: { $example })
FIRST_OF_TWO = 시계가 뒤로 조정되어 같은 시각이 두 번 있었으며, { $count }개 행에서 시차 없이 쓴 그 시각은 첫 번째로 처리했습니다(예: { $example }). 어느 쪽인지 시차를 써서 나타내십시오
LONG_SHIFT = { $start }부터 { $end }까지의 근무 일정이 { $hours }시간보다 짧지 않습니다
LONG_SHIFT_CURE = 시각을 고치십시오. 여러 근무 일정이면 각각 한 행씩 쓰십시오
SHIFT_ENDS_DIFFER = { $lines }행은 { $start }에 시작하는 같은 직원의 같은 계정 근무 일정인데 종료 시각이 다릅니다({ $one }, { $other })
SHIFT_SEATS_DIFFER = { $lines }행은 { $start }에 시작하는 같은 직원의 같은 계정 근무 일정인데 좌석이 다릅니다
KEEP_THE_RIGHT_ROW = 맞는 행만 남기십시오
PUNCH_BOTH_WAYS = { $lines }행은 { $number } 님이 { $at }에 출근과 퇴근을 동시에 체크한 것입니다
HANDOVER_BOTH_WAYS = { $lines }행에서 { $number } 님이 { $at }에 { $account } 계정을 인수하면서 동시에 인계합니다
HANDOVERS_AT_ODDS = { $lines }행은 같은 시각({ $at })에 이루어진 { $account } 계정의 인수인계인데 모두 사실일 수는 없습니다
PUNCHES_ODD = 출퇴근 체크가 홀수({ $count }번)입니다. 마지막 { $at } 체크에 짝이 없습니다({ $night })
PUNCHES_SINGLE = 한 번뿐인 { $at } 체크에 짝이 없습니다({ $night })
PUNCHES_NIGHT = 야간 근무에는 rosters.csv가 필요하거나, policy.yaml의 cut_over가 아무도 일하지 않는 시각이어야 합니다
PUNCHES_BETWEEN = 처음과 마지막 사이의 출퇴근 체크는 제외되었습니다: { $count }번
PUNCHES_ALONE = { $at } 체크에 짝이 없어 재실 구간이 되지 않습니다. 빠진 체크를 추가하십시오
PUNCHES_LONG = { $from }부터 { $to }까지 13시간이 넘는 재실 구간입니다. 두 야간 근무 사이의 휴식이면 kind나 rosters.csv를 쓰십시오
PUNCHES_AS_NIGHTS = 근무일의 끝을 넘는 재실 구간: { $count }개(첫 번째는 { $from }부터 { $to }까지). 근무일 기준이면 그 사이의 휴식이 재실이 됩니다. kind나 rosters.csv가 있으면 확실히 알 수 있습니다
PUNCHES_EITHER_WAY = { $from }부터 { $to }까지의 출퇴근 체크는 처음과 마지막에 짝이 없어 주간일 수도 야간일 수도 있습니다. 주간으로 처리했습니다. kind나 rosters.csv가 있으면 어느 쪽인지 알 수 있습니다
NEITHER_WORD = ‘{ $text }’ 값은 { $one }도 { $other }도 아닙니다
NEITHER_WORD_CURE = { $one }, { $other } 중 하나를 쓰십시오
NO_SUBJECT_KIND = ‘{ $text }’ 값은 대상의 종류가 아닙니다
NO_SUBJECT_KIND_CURE = { $kinds } 중 하나를 쓰십시오
UNIT_OF_NOBODY = { $unit } 조직에는 people.csv의 직원도 accounts.csv의 계정도 속하지 않습니다{ $hint }
UNIT_OF_NOBODY_CURE = 조직의 경로를 고치십시오
STORE_UNKNOWN = accounts.csv에 { $store } 스토어의 계정이 없습니다{ $hint }
STORE_UNKNOWN_CURE = accounts.csv에 있는 대로 플랫폼과 스토어를 / 기호로 이어 쓰십시오
NEITHER_DAYS_NOR_TIME = 어느 날짜인지도 어느 시각인지도 없습니다
DAYS_AND_TIME = 날짜와 시각이 모두 있습니다
DAYS_AND_TIME_CURE = 시각에 대한 것이면 from과 to를, 날짜에 대한 것이면 at을 비워 두십시오
NEITHER_DAYS_NOR_TIME_CURE = from(하루가 넘으면 to도) 또는 at 중 하나를 쓰십시오
NO_KIND_OF_FINDING = 그런 점검 사항 유형은 없습니다
NO_KIND_OF_FINDING_CURE = 파일을 삭제하십시오. 결과의 inputs/에만 있는 파일입니다
NO_COUNT = 개수가 아닙니다
DELETE_THE_FILE = 파일을 삭제하십시오

## The bundle: settings. A sentence goes on from the name of the setting

SETTING = { $path }: { $problem }
SETTING_WRONG = 잘못되었습니다: { $reason }; { $cure }
SETTING_GROUPED = ‘{ $text }’ 값에 자릿수 구분 기호가 있습니다. group.yaml의 `numbers`가 셀에 대해 어떻게 정하든 YAML 파일의 수에는 쓰지 않습니다. { $plain } 값을 쓰십시오
SETTING_GROUPED_OR_DECIMAL = ‘{ $text }’ 값에 자릿수 구분 기호가 있는 것일 수 있습니다. group.yaml의 `numbers`가 셀에 대해 어떻게 정하든 YAML 파일의 수에는 쓰지 않습니다. { $plain } 값을 쓰거나, 소수이면 { $decimal } 값을 쓰십시오
SETTING_MISSING = 없습니다
SETTING_NO_MAPPING = 키와 값의 매핑이 아닙니다
FILE_NO_MAPPING = 파일이 키와 값의 매핑이 아닙니다
SETTING_NO_TEXT = 텍스트가 아닙니다
SETTING_TEXT_LENGTH = 비어 있거나 200자보다 깁니다
SETTING_WITH_NUL = NUL 문자(U+0000)가 들어 있습니다. 빼십시오
SETTING_NOT_ONE_OF = ‘{ $text }’ 값은 다음 중 하나가 아닙니다: { $words }
SETTING_NO_DECIMAL = ‘{ $text }’ 값은 소수점 이하 여섯 자리까지의 수가 아닙니다
SETTING_NOT_BETWEEN = { $number } 값은 { $least }부터 { $most }까지의 수가 아닙니다
SETTING_LOSSY_DECIMAL = ‘{ $text }’ 값은 정밀도를 잃습니다. 따옴표로 묶으십시오
SETTING_NO_WHOLE = ‘{ $text }’ 값은 { $least }부터 { $most }까지의 정수가 아닙니다
SETTING_NO_LIST = 목록이 아닙니다
SETTING_PAIR_NO_TEXT = 텍스트가 아닌 키가 있습니다
SETTING_NO_VALUE = 값이 없습니다
SETTING_UNKNOWN_NEAR = 알려진 키가 아닙니다(혹시 { $near }입니까?)
SETTING_UNKNOWN = 알려진 키가 아닙니다(알려진 키: { $known })
SETTING_EMPTY = 비어 있습니다
SETTING_NOT_ABOVE_0 = 0보다 크지 않습니다
SETTING_BELOW_0 = 0보다 작습니다
GROUP_CURRENCY = CNY처럼 대문자 세 글자로 된 코드가 아닙니다
GROUP_CURRENCY_UNKNOWN = { $code } 값은 유효한 ISO 4217 통화가 아닙니다. CNY처럼 쓰십시오
GROUP_PERIOD_BACKWARDS = { $to } 날짜가 from의 { $from } 날짜보다 앞섭니다
GROUP_PERIOD_TOO_LONG = 기간이 { $days }일이 되는데 한 번에 최대 { $most }일까지 마감합니다. 나누어 마감하십시오
GROUP_REGION = { $branch } 지사의 지역이 { $region } 값으로 되어 있습니다. cn-east처럼 a-z, 0-9, - 기호로 1자 이상 32자 이하로 쓰십시오
GROUP_SAME_SIGN = decimal과 같은 기호입니다
POLICY_CUT_OVER = 따옴표로 묶은 "00:00"부터 "11:59"까지의 시각이 아닙니다
SCHEME_WEIGHTS = 가중치의 합이 100이 아니라 { $sum }입니다
SCHEME_ID_TAKEN = 앞의 KPI와 같습니다
SCHEME_WEIGHT = 0보다 크지 않습니다. 대신 그 KPI를 빼십시오
SCHEME_CAP = { $cap } 값은 하한 { $floor } 값보다 크지 않습니다
SCHEME_RANGE = 하한 { $floor } 값보다 { $most } 넘게 큽니다
SCHEME_SMALL_SAMPLE = 비율과 평균에만 의미가 있습니다. 빼십시오
SCHEME_OF_RECORDS = measure가 records이면 의미가 없습니다
SCHEME_OF_UNDEFINED = measures에 없는 “{ $measure }” 측정값을 씁니다{ $hint }
SCHEME_OF_MISSING = 없습니다. 측정할 열의 이름을 쓰는 곳입니다
SCHEME_OF_RESOLVED = 예 또는 아니요인 열이어서 비율만 있고 합이나 평균은 없습니다
SCHEME_TEST_MISSING = 완전하지 않습니다. at_most와 at_least 중 하나로 어느 기록을 셀지 정해야 합니다
SCHEME_TEST_USELESS = 완전하지 않습니다. 여기서 at_most와 at_least는 의미가 없습니다
SCHEME_MEASURES_TEXT = { $kpi } 지표가 측정하는 { $column } 열에는 텍스트가 들어 있습니다
    .cell = { $line }행: { $reason }
    .odd = { $kpi } 지표가 측정하는 { $column } 열은 수가 아닌 셀이 { $count }개 있어 텍스트 열입니다: { $cells }
SCHEME_MEASURES_NOTHING = { $kpi } 지표가 측정하는 { $column } 열이 records.csv에 없거나 값이 없습니다{ $hint }
SCHEME_MEASURES_CURE = records.csv의 숫자 열을 쓰십시오
    .odd = 그 셀들을 고치거나 records.csv의 숫자 열을 쓰십시오
SCHEME_MEASURES_UNCOMPUTED = { $path }(KPI { $kpi }) 항목은 계산되지 않는 것을 측정합니다
MEASURE_UNKNOWN_CURE = 기록 수, 해결된 비율, first_reply_seconds at_most 30의 비율, rating at_least 4의 비율, amount의 합, 추가 열의 평균, 또는 파일의 measures에 정의한 그 밖의 측정값을 측정하십시오
POOL_CURRENCY = { $currency } 통화인데 그룹의 금액은 { $group } 통화입니다
POOL_BELOW_0 = 음수입니다. 나눌 돈을 0보다 큰 금액으로 쓰십시오
POOL_ZERO = 0입니다. 나눌 것이 없으면 이 파일을 빼십시오
POOL_SHARES = 몫의 합이 100이 아니라 { $sum }입니다
POOL_SHARE = 0보다 크지 않습니다. 대신 그 부분을 빼십시오
POOL_TIERS_ELSEWHERE = by: tiers일 때만 의미가 있습니다
POOL_TIERS_MIXED = top_percent와 at_least가 섞여 있습니다. 모든 구간에 둘 중 하나만 쓰십시오
POOL_TIERS_PERCENT = top_percent의 합이 100이 아니라 { $sum }입니다
POOL_TIERS_RISE = at_least가 구간마다 낮아지지 않습니다
POOL_TIERS_WEIGHTS_RISE = 더 좋은 구간보다 큰 가중치가 있습니다. 가장 좋은 구간부터 쓰고, 가중치는 앞 구간을 넘지 않게 하십시오
POOL_TIERS_WEIGHTLESS = 가중치가 모두 0입니다
POOL_TIER_RULE = 이것과 at_least 중 하나가 있어야 하며 하나만 써야 합니다
POOL_TIER_NAME_TAKEN = 앞 구간의 이름과 같습니다
POOL_PERCENT_TOO_FINE = { $percent }입니다. 퍼센트는 소수점 이하 네 자리까지 쓰십시오
POOL_TIER_WEIGHT = 1000000보다 큽니다
POOL_SHARE_TOO_FINE = { $percent }%는 소수점 이하가 네 자리를 넘습니다
POOL_SHARE_TOO_FINE_CURE = 몫과 할당은 소수점 이하 네 자리까지 쓰십시오
OTHER_PERIOD = { $from }부터 { $to }까지에 대한 것인데 마감하는 기간은 { $closed_from }부터 { $closed_to }까지입니다
OTHER_PERIOD_CURE = 기간을 고치거나 기간을 빼십시오
POOL_IN_EMPTY_PERIOD = 돈은 있지만 people.csv에 { $from }부터 { $to }까지 재직 중인 사람이 없습니다
POOL_WITHOUT_PEOPLE_CURE = hired_on과 left_on을 고치거나 성과급 재원을 빼십시오
SAVE_FILE_AS_UTF_8 = 파일을 UTF-8로 저장하십시오
JOINED = { $one }{ $other }

## The command line: what cannot be done

STEP_FAILED = 단계: { $step }
NOBODY_CREDITED_AT_ALL = 어느 기록에도 근무 중인 사람이 없었고 상담원이 표시된 기록도 없습니다
    .people = { $rows }개 행이 거부되었고, 나머지 직원 중에는 어느 기록에도 근무 중인 사람이 없었습니다
    .duty = 어느 기록에도 근무 중인 사람이 없었고, 근무표, 출퇴근 체크 또는 인수인계의 { $rows }개 행이 거부되었습니다
NOBODY_EMPLOYED =
    { $from }부터 { $to } 사이에 재직 중인 사람이 없습니다: 직원 { $people }명을 읽었고 { $rejected ->
        [0] 거부된 행은 없습니다
       *[other] { $rejected }개 행이 거부되었습니다
    }
NOBODY_EMPLOYED_CURE = hired_on과 left_on, 또는 기간을 고치십시오
RECORD_RATE_MISSING_CURE = 그날이나 그 전의 환율을 출처와 함께 rates.csv에 쓰십시오(열: date, from, to, rate, source)
NOBODY_CREDITED_CURE = 이 날짜의 rosters.csv, punches.csv 또는 handovers.csv를 넣거나, 계정과 시각을 고치십시오
    .rejected = 그 행부터 고치십시오. 각 행과 해결 방법은 rejected.csv에 있습니다
OUT_NOT_EMPTY = 결과 폴더가 비어 있지 않습니다
OUT_IN_USE = 다른 실행이 그곳에 결과를 쓰고 있습니다
OUT_NOT_EMPTY_CURE = --out으로 다른 폴더를 지정하거나 먼저 이 폴더를 지우십시오
BUNDLE_NOT_EMPTY = 폴더가 비어 있지 않습니다
BUNDLE_NOT_EMPTY_CURE = --bundle로 다른 폴더를 지정하거나 먼저 이 폴더를 지우십시오
CLOSE_INTERRUPTED = 귀하가 중지했습니다. { $folder } 폴더에 남은 것은 없으며 같은 명령으로 처음부터 다시 시작합니다
FINDINGS_ARE_IN = 점검 사항은 { $file } 파일에 있습니다
REJECTED_ROWS_ARE_IN = 거부된 모든 행은 { $file } 파일에 있습니다
REJECTED_ROWS_UNWRITTEN = 거부된 행이 있지만 { $file } 파일을 쓸 수 없었습니다
STORE_IN_USE = 다른 tally 프로세스가 { $folder } 폴더의 데이터를 사용 중이며, SQLite 저장소는 한 번에 하나만 사용할 수 있습니다. 그 프로세스를 중지하거나 --set database.url=sqlite://FOLDER/{ "{" }service{ "}" }.db로 다른 데이터를 지정하십시오
CURE_AND_REJECTED = { $cure }; 거부된 모든 행은 { $file } 파일에 있습니다
NOT_IN_MONTH = 이 달에 { $what } 기록도 직원도 없습니다. { $record } 같은 records.csv의 external_id나 { $person } 같은 people.csv의 employee_no 또는 이름을 쓰십시오
NO_MANIFEST = manifest.json이 없어 결과 폴더가 아닙니다
MANIFEST_DOUBLE = { $file } 파일이 두 번 나옵니다
MANIFEST_ELSEWHERE = { $file } 파일이 나오지만 이 폴더의 파일이 아닙니다
NO_MANIFEST_CURE = tally close가 쓴 폴더를 지정하십시오(--out으로 지정했던 폴더)
BAD_MANIFEST = { $error }
RESTORE_FOLDER_CURE = 보관해 둔 곳에서 폴더를 복원하십시오
SUITE_NAMES_ANOTHER_PERSON = 시스템이 번들에 없는 { $id } 직원을 가리킵니다. 저희 쪽의 오류입니다
SUITE_NAMES_ANOTHER_ACCOUNT = 시스템이 번들에 없는 { $id } 계정을 가리킵니다. 저희 쪽의 오류입니다
SUITE_LISTS_LESS = 방금 쓴 것이 시스템의 목록에 없습니다. 저희 쪽의 오류입니다
CYCLE_WATCH_ENDED = 마감이 끝나기 전에 서비스가 평가 주기의 상황을 더 알려 주지 않았습니다. 다시 하십시오
RECORDS_DO_NOT_ADD_UP = 기록 { $sent }건을 넣었는데 평가 주기는 { $counted }건을 세었고 { $told }건이 나왔습니다. 저희 쪽의 오류입니다
CANNOT_MAKE_FOLDER = { $folder } 폴더를 만들 수 없습니다: { $error }
CANNOT_READ = { $file } 파일을 읽을 수 없습니다: { $error }
CANNOT_WRITE = { $file } 파일을 쓸 수 없습니다: { $error }
IO_NOT_FOUND = 없습니다
IO_PERMISSION_DENIED = 이 사용자에게 권한이 없습니다
IO_ALREADY_EXISTS = 이미 있습니다. 다른 이름을 쓰거나 먼저 다른 곳으로 옮기십시오
IO_IS_A_FOLDER = 폴더입니다
IO_NOT_A_FOLDER = 경로의 일부가 폴더가 아닙니다
IO_FOLDER_NOT_EMPTY = 폴더가 비어 있지 않습니다
IO_DISK_FULL = 디스크가 가득 찼습니다
IO_READ_ONLY = 디스크가 읽기 전용입니다
IO_ADDRESS_IN_USE = 다른 프로그램이 그곳에서 수신하고 있습니다
IO_ADDRESS_NOT_HERE = 이 컴퓨터에 그런 주소가 없습니다
IO_NOT_TEXT = UTF-8 텍스트가 아닙니다
IO_NOBODY_LISTENS = 그곳에서 수신하는 것이 없습니다
IO_NO_ANSWER = 제시간에 응답이 없었습니다
IO_NO_WAY_THERE = 이 컴퓨터에서 그곳으로 가는 경로가 없습니다
IO_NO_SUCH_HOST = 이 이름의 호스트가 없습니다
IO_FOLDER_CLOSED = 폴더에 쓰기 권한이 없습니다
TLS_SAYS = TLS 라이브러리 메시지: { $cause }
SERVER_SAYS = 서버 메시지: { $cause }
IO_OTHER = 시스템 메시지: { $cause }
CURE_ALREADY_DIFFERENT = 시스템이 맞으면 행을 고치고, 행이 맞으면 시스템의 사실을 정정하십시오. 가져오기는 아무것도 덮어쓰지 않습니다
CURE_DIFFERENT_CONTENT = 시스템이 맞으면 행을 고치고, 행이 맞으면 더 높은 리비전을 주십시오. 가져오기는 리비전 없이 아무것도 덮어쓰지 않습니다
CURE_REFERS_TO_NOTHING = 가리키는 기록을 먼저 가져오거나 refers_to를 고치십시오
CURE_PERSON_UNKNOWN = 직원을 people.csv에 추가하고 다시 가져오십시오
CURE_ACCOUNT_UNKNOWN = 계정을 accounts.csv에 추가하고 다시 가져오십시오
CURE_ALIAS_OVERLAP = 별칭의 한 뜻을 종료한 뒤(to 열) 다른 뜻을 시작하십시오
CURE_PLACE_WRONG = accounts.csv의 팀이나 group.yaml에 있는 그 지사의 지역을 고치십시오
CURE_OUT_OF_REACH = 다른 지사로 옮겨졌을 수 있는 그 팀에 권한이 있는 사람이 행을 가져오도록 하거나, 행을 빼십시오
CURE_RECORD_OUT_OF_REACH = 그날 계정의 팀을 맡은 사람이나 그룹 담당자가 행을 가져오도록 하십시오
CURE_REPLY_RECORD_UNKNOWN = 기록을 메시지와 함께 가져오거나, 그날의 기록을 가져올 수 있는 사람이 가져오도록 하십시오
CURE_CLAIM_WITHDRAWN = 행을 빼십시오. 이유가 있어 철회된 것입니다
CURE_ROWS_CONTRADICT = 맞는 행만 남기고 다시 가져오십시오
CURE_KEPT_BACK = 이 파일이 그 행에 대해 알려 주는 것부터 고치거나, 권한이 있는 사람이 그 행을 가져오도록 한 뒤 다시 가져오십시오. 이 행도 함께 들어갑니다
CURE_PERIOD_PURGED = 먼저 그 달들의 데이터를 더 오래 보존하도록 한 뒤(SetRetention, 최대 120개월) 다시 가져오거나, 행을 빼십시오
CURE_REFUSED_ROW = 표시된 내용을 고치고 다시 가져오십시오. 이미 반영된 행은 이미 있는 것으로 처리됩니다
    .file = 표시된 내용을 고치거나 행을 빼십시오

## Settings and arguments

SETTING_CANNOT_HOLD = 설정 { $key }: { $problem }
SETTING_SET_IN = { $problem } ({ $place })
SETTING_IN_FILE = { $file } 파일에서 설정됨
SETTING_IN_VARIABLE = 환경 변수 { $name }에서 설정됨
SETTING_ON_COMMAND_LINE = 명령줄에서 설정됨
SETTING_NOT_KNOWN = 그런 설정이 없습니다. 이 위치에 있는 설정: { $known }
SETTING_EXPECTED = { $found }입니다. 필요한 값: { $expected }
    .alone = 필요한 값: { $expected }
SETTINGS_NOT_TOML = 파일이 TOML이 아닙니다. 각 줄이 [SECTION] 또는 KEY = VALUE인지 확인하십시오
    .at = { $line }행 { $column }열부터 파일이 TOML이 아닙니다. 각 줄이 [SECTION] 또는 KEY = VALUE이고 텍스트가 따옴표 안에 있는지 확인하십시오
SETTING_FILE_MISSING = { $file } 파일이 없습니다
SETTING_FILE_EMPTY = { $file } 파일이 비어 있습니다
SETTING_SERVICE_UNKNOWN = { $name } 서비스가 없습니다. 있는 서비스: { $known }
SETTING_SERVICES_NONE = 다음 중 하나 이상을 지정하십시오: { $known }
SETTING_PEER_MISSING = { $name } 서비스는 이 프로세스에 없습니다(server.services). 어디에 있는지 https://host:port 형식으로 지정하십시오
SETTING_AT_LEAST_ONE = 1 이상이어야 합니다
SETTING_AT_MOST = { $most } 이하여야 합니다
SETTING_SERVICE_TWICE = { $name } 서비스가 두 번 지정되었습니다. 각 서비스를 한 번만 지정하십시오
SETTING_DATABASE_URL = sqlite://DIRECTORY/{ "{" }service{ "}" }.db 또는 postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE 형식이어야 합니다
SETTING_SERVICE_IN_URL = 서비스마다 파일이 따로 있습니다. 이름에 { "{" }service{ "}" }를 넣어 sqlite://DIRECTORY/{ "{" }service{ "}" }.db로 쓰거나, 폴더가 /로 시작하면 sqlite:///DIRECTORY/{ "{" }service{ "}" }.db로 쓰십시오
    .role = 서비스마다 자신의 역할로 로그인합니다. 역할을 tally_{ "{" }service{ "}" }로 하여 postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE로 쓰십시오
SETTING_PEER_IN_CLEAR = { $address } 주소는 루프백이 아닙니다. https://host:port 형식이어야 합니다
SETTING_HTTP_IN_CLEAR = { $ip } 주소는 루프백이 아니고 게이트웨이는 TLS를 사용하지 않습니다. TLS를 사용하는 프록시 뒤에서 루프백으로 수신하게 하거나, 네트워크 자체가 암호화되어 있으면 server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay를 설정하십시오
SETTING_NO_NETWORK = ‘{ $text }’ 값은 네트워크가 아닙니다. 10.0.0.0/8처럼 주소와 접두사 길이를 쓰십시오
SETTING_NO_ORIGIN = ‘{ $text }’ 값은 출처(origin)가 아닙니다. https://hr.example처럼 경로 없이 스킴과 호스트를 소문자로 쓰거나, 모두 허용하려면 * 기호를 쓰십시오
SETTING_CERTIFICATE_AND_KEY = 인증서와 키는 함께 써야 합니다. 둘 다 설정하거나 둘 다 빼십시오
SETTING_LISTEN_IN_CLEAR = { $ip } 주소는 루프백이 아닙니다. server.tls_certificate와 server.tls_key를 설정하십시오
SETTING_KEYS_GENERATED = { $ip } 주소는 루프백이 아니어서 생성된 키를 쓸 수 없습니다. 디렉터리를 지정하십시오
SETTING_PASSPHRASE_TWICE = keys.passphrase도 설정되어 있습니다. 둘 중 하나만 설정하십시오
SETTING_LOG_LEVELS = “{ $part }” 값은 수준({ $levels })도 아니고 tally_store=debug 같은 MODULE=LEVEL도 아닙니다. 여러 개는 쉼표로 구분합니다
SETTING_AUTHORITY_ALONE = 호출자의 인증서를 서명하는 기관을 지정했지만 이 서버는 TLS를 사용하지 않습니다. server.tls_certificate와 server.tls_key도 설정하십시오
SETTING_NO_CERTIFICATE = { $file } 파일에 읽을 수 있는 인증서가 없습니다. -----BEGIN CERTIFICATE-----가 있는 PEM 파일을 지정하십시오
SETTING_NO_PRIVATE_KEY = { $file } 파일에 읽을 수 있는 개인 키가 없습니다. -----BEGIN PRIVATE KEY-----가 있고 암호화되지 않은 PEM 파일을 지정하십시오
SETTING_KEY_OF_ANOTHER = { $file } 파일의 개인 키가 { $certificate } 파일의 인증서와 맞지 않습니다. 이 인증서에 맞는 키를 지정하십시오
SETTING_CERTIFICATE_OVER = { $file } 파일의 인증서가 만료되었습니다. { $until }까지 유효했고 이 컴퓨터의 시계는 { $now }입니다. 서명한 기관에서 새 인증서를 받으십시오. 시계가 틀렸으면 맞추십시오
    .early = { $file } 파일의 인증서가 아직 유효하지 않습니다. { $from }에 시작하고 이 컴퓨터의 시계는 { $now }입니다. 시계가 틀렸으면 맞추고, 아니면 기다리거나 이전 인증서를 지정하십시오
SETTING_CERTIFICATE_OF_ANOTHER = { $file } 파일의 인증서는 이 프로세스와 호출하는 서비스(peers)가 서로를 확인하는 { $authority } 기관이 서명하지 않았습니다. 그것을 서명한 기관을 지정하거나, 이 기관이 서명한 인증서를 지정하십시오
SETTING_REDIS_URL = redis://HOST:PORT, TLS이면 rediss://HOST:PORT 형식이어야 하며, 비밀번호는 호스트 앞에 redis://:PASSWORD@HOST:PORT로 씁니다
SETTING_ENDPOINT = http://127.0.0.1:4317 같은 수집기의 주소여야 합니다
SAMPLE_NEEDS_ALL = --sample을 쓰려면 모든 서비스가 한 프로세스에 있어야 하는데 { $name } 서비스가 지정되지 않았습니다
EXPECT_ADDRESS = 127.0.0.1:7070 같은 주소와 포트
EXPECT_ONE_OF = { $words } 중 하나
EXPECT_WHOLE_NUMBER = 정수
    .to = 0부터 { $most }까지의 정수
EXPECT_TRUE_OR_FALSE = true 또는 false
EXPECT_TEXT = 텍스트
EXPECT_LIST = ["a", "b"] 또는 a,b 같은 목록
EXPECT_OTHER = 다른 종류의 값
EXPECT_UUID = UUID
EXPECT_DATE = 2026-03-31 같은 날짜
EXPECT_INSTANT = 2026-03-31T09:00:00+08:00처럼 시차가 있는 시각
EXPECT_FROM_TO = { $from }부터 { $to }까지
ARG_VALUE_WRONG = { $arg }: ‘{ $value }’ 값은 쓸 수 없습니다. 필요한 값: { $expected }
ARG_WITHOUT_VALUE = { $arg } 인수에 값이 필요합니다
ARG_VALUES_WRONG = { $arg }: 값의 개수가 맞지 않습니다
ARG_UNKNOWN = { $arg } 인수가 없습니다
    .near = { $arg } 인수가 없습니다. 혹시 { $near }입니까?
COMMAND_UNKNOWN = { $name } 명령이 없습니다
    .near = { $name } 명령이 없습니다. 혹시 { $near }입니까?
COMMAND_MISSING = 명령을 지정하십시오: { $known }
ARG_MISSING = 빠진 인수: { $arg }
ARG_CONFLICT = { $arg } 인수는 { $other } 인수와 함께 쓸 수 없습니다
ARG_NOT_TEXT = UTF-8 텍스트가 아닌 인수가 있습니다
ARG_USAGE = 입력 형식: { $usage } (자세한 내용은 --help)

## The command line: pages

SHOW_NOT_DONE = 하지 못한 것
SHOW_NOT_DONE_STEP = { $step }: { $why }
SHOW_REST_IS_THERE = 그 앞의 모든 것은 결과 폴더에 있습니다. 원인을 해결한 뒤 --out만 바꾸어 같은 명령을 실행하면 나머지도 처리합니다.
RUNG_TAG = 플랫폼이 표시
RUNG_HANDOVER = 인수인계로 계정 점유
RUNG_SOLE = 혼자 근무
RUNG_INFERRED = 누가 언제 바빴는지로 추론
RUNG_EQUAL = 근무자가 똑같이 나눔
RUNG_SPLIT = 기여자가 나눔
RUNG_CLAIM = 클릭으로 담당 등록
RUNG_DEVICE = 기기에 따름
RUNG_REPLIES = 답변 시각으로 가중
RUNG_TAG_SHARE = 가까운 시각의 이름으로 가중
RUNG_TEAM = 다른 근거가 없어 팀이 나눔
RUNG_UNATTRIBUTED = 누구에게도 귀속되지 않음
STEP_DUTY = 직원, 계정, 근무
STEP_RECORDS = 기록
STEP_REPLIES = 기록의 메시지
STEP_CLAIMS = 담당 등록
STEP_RATES = 환율
STEP_OBSERVATIONS = 관측값
STEP_CYCLE = 귀속과 점수
STEP_PUBLISH = 공개
STEP_SETTLEMENT = 정산
STEP_CREDITS = 귀속분
STEP_TOTALS = 합계
STEP_CARDS = 평가표
STEP_STATEMENTS = 명세서
STEP_FINDINGS = 점검 사항
STEP_INPUTS = 입력
PROGRESS_READING = 읽는 중
PROGRESS_MAKING = 한 달 데이터를 만드는 중
PROGRESS_COUNTING = 세는 중
PROGRESS_ROWS = 행
KIND_MISSING_PUNCH = 퇴근 없는 출근, 또는 출근 없는 퇴근
KIND_UNCOVERED_SHIFT = 배정되었지만 그날 다른 시각에만 출퇴근 체크를 함: 근무 일정이 인정되지 않음
KIND_BARELY_COVERED_SHIFT = 배정되었지만 그날 다른 근무 일정의 출퇴근 체크만 있음: 이 근무 일정은 가장자리까지만 인정
KIND_HELD_BY_OTHERS = 배정되었지만 인수인계로는 다른 사람만 계정을 점유함: 근무 일정이 인정되지 않음
KIND_NOT_EMPLOYED = 그때 재직 중이 아닌 사람의 근무 일정, 출퇴근 체크 또는 점유
KIND_DOUBLE_IN = 출근 체크를 두 번 함: 두 번째를 인정
KIND_OVERLAP = 여러 명이 한 계정을 동시에 점유함
KIND_MISSING_RELEASE = 계정을 인수하고 인계하지 않음
KIND_RELEASE_WITHOUT_TAKE = 점유하지 않은 계정을 인계함
KIND_UNHELD_ACCOUNT = 계정 또는 그 기록 일부에 근무 중인 사람이 없었음
KIND_NO_DUTY_EVIDENCE = 근무표, 출퇴근 체크, 인수인계가 없음: 팀 전체가 근무한 것으로 봄
KIND_NOT_SETTLED = 성과급 재원을 나눌 수 없었음
KIND_ODD_PUNCHES = 하루의 출퇴근 체크가 홀수: 마지막에 짝이 없음
KIND_SINGLE_PUNCH = 하루에 한 번뿐인 출퇴근 체크에 짝이 없음
KIND_PUNCHES_BETWEEN = 하루의 처음과 마지막 사이의 출퇴근 체크가 제외됨
KIND_LONG_PRESENCE = 방향이 없는 출퇴근 체크로 13시간이 넘는 재실 구간
KIND_READ_AS_NIGHT = 방향이 없어 야간으로 처리한 출퇴근 체크
KIND_DAY_OR_NIGHT = 주간일 수도 야간일 수도 있는 방향 없는 출퇴근 체크: 주간으로 처리
KIND_TAG_OFF_DUTY = 기록에 근무 중이 아니던 사람이 표시됨: 표시된 이름을 따름
KIND_NAMED_WITHOUT_AGENT = 실명 계정의 기록에 이름이 없음
KIND_MIXED_WITHOUT_TAG = 혼합 계정의 이름 없는 기록
KIND_TOO_FEW_TO_INFER = 추론하기에 기록이 너무 적음: 똑같이 나눔
KIND_SEVERAL_AT_ONCE = 여러 대화를 동시에 하여 구분하기 어려움: 똑같이 나눔
KIND_TOO_FEW_REPLIES = 한 사람당 답변이 너무 적어 구분할 수 없음: 똑같이 나눔
KIND_REPLIES_TOO_DENSE = 답변이 너무 촘촘하여 시각으로 구분할 수 없음: 똑같이 나눔
KIND_EVIDENCE_UNEVEN = 자기 것임을 알린 비율이 사람마다 크게 다름: 각자 남기지 않은 정도에 따라 가중
KIND_CLOCK_WITHOUT_SECONDS = 답변 시계에 초가 없음: 똑같이 나눔
KIND_CLAIM_OFF_DUTY = 근무 중이 아니던 사람의 담당 등록은 인정되지 않음
KIND_CLAIM_WITHOUT_RECORD = 들어오지 않은 대화의 담당 등록
KIND_CLAIMS_DIFFER = 여러 명이 한 기록을 담당 등록했거나 다른 사람이 표시됨
KIND_DEVICE_OFF_DUTY = 근무 중이 아니던 사람의 기기는 인정되지 않음
KIND_DEVICE_OF_SEVERAL = 동시에 여러 사람의 것인 기기는 인정되지 않음
KIND_DEVICE_OF_NOBODY = 누구의 것도 아닐 때 사용된 기기: 이름 오류, 근무표 없는 좌석, 또는 다른 날짜의 등록
KIND_EVIDENCE_NOT_READ = 정책 버전이 읽지 않는 담당 등록, 기기 또는 메시지 시각
KIND_REPLY_OUTSIDE_RECORD = 기록의 앞이나 뒤에 있는 답변은 반영되지 않음
KIND_BREAKS_NOT_PUNCHED = 끊김 없는 근무 중 몇 시간 동안 업무가 없음: 체크하지 않은 휴식
KIND_CLOCKS_APART = 메시지의 시계가 기록의 시계와 몇 분 다름: 기록의 시계로 읽음
KIND_DID_NOT_SETTLE = 추론이 수렴하지 않음: 똑같이 나눔
KIND_CONTRIBUTOR_UNKNOWN = 기록에 알 수 없는 기여자가 표시됨
KIND_CONTRIBUTOR_OFF_DUTY = 기록에 근무 중이 아니던 기여자가 표시됨: 표시된 이름을 따름
KIND_CONTRIBUTORS_NOT_SPLIT = 기록에 기여자가 있지만 정책이 나누지 않음
KIND_UNKNOWN_AGENT = 기록에 알 수 없는 사람이 표시됨
KIND_AMOUNTS_CONVERTED = 다른 통화의 금액을 환산함
KIND_CONVERTED_ENCODING = GBK 또는 UTF-16 파일을 변환함
KIND_CONVERTED_SEPARATOR = 열이 탭이나 세미콜론으로 구분되어 있었음
KIND_MISSING_COLUMN = 열이 없음: 그 열에 대한 것은 측정하지 않음
KIND_UNKNOWN_COLUMN = 읽는 곳이 없는 열: 이름 오류일 수 있음
KIND_UNKNOWN_FILE = 읽는 곳이 없는 파일: 이름 오류일 수 있음
KIND_EMPTY_FILE = 선택 파일이 비어 있음
KIND_DUPLICATE_RECORD = 같은 기록이 여러 번 있음: 한 번만 받음
KIND_DUPLICATE_ROW = 같은 행이 여러 번 있음: 한 번만 받음
KIND_OUTSIDE_PERIOD = 기간 밖의 기록과 그 메시지, 기간 밖에 한 담당 등록이 제외되거나, 기간 밖의 관측값이 반영되지 않음
KIND_DAMAGED_ID = 스프레드시트가 손상했을 수 있는 아이디, 고객 또는 다른 값
KIND_HOUR_TWICE = 시계가 뒤로 조정됨: 같은 시간이 두 번 있었음
KIND_NO_VALUE = 값이 없음을 뜻하는 셀을 빈 값으로 처리함
KIND_CLEANED_CELL = 보이지 않는 문자나 내보내기가 붙인 소수 부분을 빼고 셀을 읽음
KIND_LONG_RECORD = 하루 이상 이어지는 기록
KIND_REPLIES_TOO_MANY = 한 기록이라기에는 메시지가 너무 많음
KIND_POPULATION_OF_NOBODY = 대상자에 아무도 갖지 않은 직책이나 직급이 있음
KIND_TRANSFER = 다른 조직, 직책 또는 직급으로 이어짐
KIND_REHIRE = 퇴사했다가 다시 입사함
KIND_TEAM_WITHOUT_PEOPLE = 계정의 팀에 직원이 없음
KIND_BRANCH_WITHOUT_PEOPLE = 지사에 직원이 없음
KIND_MEASURE_NOT_SENT = 측정값의 데이터가 있는 사람이 없음: 그 지표는 누구에게도 반영되지 않음
KIND_OBSERVATIONS_BEYOND_PERIOD = 관측값이 기간을 벗어남: 반영되지 않음
KIND_OBSERVATIONS_UNREAD = 관측값의 측정값을 읽는 지표가 없음: 이름 오류일 수 있음
KIND_REFUND_EXCEEDS_SALE = 환불이 판매보다 큼
SHOW_HEADLINE = { $group }, { $from } ~ { $to }
SHOW_SIZE = 상담 기록 { $records }건, 계정 { $accounts }개, 직원 { $people }명
SHOW_REJECTED = { $count }개 행이 거부되었습니다. 어느 행이 왜 거부되었고 무엇을 고칠지는 rejected.csv에 있습니다
SHOW_NOT_SPLIT = 성과급 재원을 나누지 못했습니다
SHOW_SCORES_KEPT = 귀속분, 평가표, 점검 사항은 모두 완성되었습니다. 이것을 고치고 이 달을 다시 마감하십시오.
SHOW_NO_POOL = 성과급 재원이 없어 정산하지 않음
SHOW_NO_POOL_HINT = 번들에 pool.yaml을 넣으면 점수가 돈으로 바뀝니다.
SHOW_POOL = 성과급 재원
SHOW_AMOUNT = 금액
SHOW_TO_PEOPLE = { $people }명에게
SHOW_TO_FUND = 팀 기금으로
SHOW_THREE_STATEMENTS = 명세서 세 건, 최소 단위까지 정확하게
SHOW_BESIDE_EQUAL = 똑같이 나누었다면 모두 약 { $equal } 정도를 받았을 것입니다. { $more }명은 그보다 많이(최대 +{ $most }), { $less }명은 적게(최저 { $least }) 받습니다.
SHOW_STATEMENT_HEAD = { $name } { $number }: { $total }  (똑같이 나누면 { $equal })
SHOW_WORTH_A_LOOK = 살펴볼 만한 것(각 건은 findings.csv에 있음)
SHOW_TIMINGS = 소요 시간과 다이제스트
SHOW_SECONDS = { $step } { $seconds }초
SHOW_IN_ALL = 모두 { $total }초: { $longest }
SHOW_SAME_DIGEST = 같은 파일이면 언제 어느 컴퓨터에서나 같습니다
SHOW_WHO_SERVED = 누가 무엇을 상담했고 얼마나 확실한가
SHOW_CERTAIN = 이름이나 한 사람으로 확실한 것은 { $certain }입니다. 기록 { $rest }건은 누구에게도 귀속되지 않으며 각각 이유가 있습니다.
SHOW_BUSIEST = 가장 바쁜 공용 계정(90% 구간)
SHOW_WORTH = 근거를 더하면 얻는 것
SHOW_WORTH_SAID = 실제로 상담한 사람이 아닌 다른 사람에게 귀속될 것으로 예상되는 기록의 현재 비율과 근거를 더했을 때의 비율입니다. 예상이며 보장이 아닙니다. 모든 계정은 evidence.csv에 있습니다.
SHOW_COLUMN_NOW = 현재
SHOW_COLUMN_BREAKS = 휴식 체크
SHOW_COLUMN_DEVICES = 기기 30%
SHOW_COLUMN_CLAIMS = 절반 담당 등록
SHOW_COLUMN_RECORDS = 기록
SHOW_COLUMN_INTERVAL = 90% 구간
SHOW_COLUMN_CERTAIN = 확실
SHOW_COLUMN_ACCOUNT = 계정
SHOW_OTHERS = 다른 { $others }명
SHOW_SCORES = { $people }명의 점수({ $scheme })
SHOW_OUTSIDE = 대상자가 아닌 { $people }명은 여기서 평가표도 지급도 없습니다. 이들에게 귀속된 기록: { $records }건
SHOW_COLUMN_PLACE = #
SHOW_COLUMN_WHO = 이름
SHOW_COLUMN_TEAM = 팀
SHOW_COLUMN_CREDITED = 귀속
SHOW_COLUMN_SCORE = 점수
SHOW_COLUMN_COLLABORATION = 협업
SHOW_CARD = { $name } { $number }: { $score }점, { $of }명 중 { $rank }위
SHOW_COLLABORATION = 협업: 기록 { $credited }건 중 자신의 근무표나 팀 밖의 { $outside }건으로 { $points }점이 더해집니다.
SHOW_RECORD = { $account } 계정의 기록 { $id }
SHOW_EVIDENCE = 근거: { $evidence } (정책 { $version })
SHOW_NOTHING_CREDITED = 이 달에 이 직원에게 귀속된 기록이 없습니다.
SHOW_ALL_ACCOUNTS = 전체
SHOW_SCORE_STEPS = 점수의 단계별 계산
SHOW_STATEMENT = 명세서
SHOW_RECORDS_BEHIND = 근거가 되는 기록: { $all }건 중 { $shown }건(전체는 credits.csv에 있음)
DEMO_TRUTH = 실제와 얼마나 다른가(데모는 실제를 알고 있음)
DEMO_RIGHT = 기록별로 맞음
DEMO_WRONG = 한 달 기준으로 틀림
DEMO_EQUALLY = 기록마다 팀이 똑같이 나눔
DEMO_AS_TALLY = Tally의 귀속
DEMO_TRUTH_SAID = 플랫폼이 이름을 표시하지 않은 기록 { $records }건에서, 기록 하나 중 실제로 상담한 사람에게 간 몫과, 오차가 서로 상쇄된 뒤 이 달의 업무 중 다른 이름으로 남은 몫입니다.
DEMO_INTERVALS = 이 계정들의 직원별 구간 { $totals }개 중 { $holding }개에 실제 값이 들어 있습니다.
DEMO_RUNGS_SAID = 어느 근거가 그것을 가져오는지 단계별로 보면:
DEMO_RUNG_RECORDS = 기록
DEMO_RUNG_EQUALLY = 똑같이 나누면 맞음
DEMO_RUNG_TALLY = 귀속하면 맞음
DEMO_RUNG_GAIN = 개선 중 비중
DEMO_SKILLS = 이 달에 드러난 역량과 대체 근무
DEMO_LATE = 근거가 아직 도착하지 않았습니다
DEMO_PROFILE = { $name } { $number }: 담당 계정 { $accounts } ({ $platforms }); 협업 { $points }
DEMO_STANDARD = { $scheme } (그룹의 표준)
DEMO_USER_BRANCH_HR = { $branch } 지사의 달을 마감함. 다른 지사는 볼 수 없음
DEMO_BRANCHES = 지사마다 자신의 달을 마감합니다
DEMO_BRANCHES_SAID = 같은 귀속에서, 지사마다 그룹의 표준을 세부화한 것으로 평가합니다. 표준은 지사가 지표의 가중치를 { $within }점까지 올리거나 내릴 수 있게 합니다. 순위는 지사 안에서 매깁니다.
DEMO_COLUMN_BRANCH = 지사
DEMO_COLUMN_FAVOURS = 더 무겁게 보는 것
DEMO_COLUMN_PEOPLE = 직원
DEMO_COLUMN_CREDITED = 기록 중
DEMO_COLUMN_FIRST = 1위
DEMO_COLUMN_SCORE = 점수
DEMO_COLUMN_IN_GROUP = 그룹 내 순위
DEMO_MANAGERS = 직접 상담하지 않는 직원 { $people }명의 평가표
DEMO_MANAGERS_SAID = 날짜별 팀원 기준 팀의 성과이며 단위는 퍼센트입니다.
DEMO_MANAGERS_SCHEME = 관리자
DEMO_RIGHT_HEADING = { $branch } 지사를 공개하고 지급한 뒤에 바로잡습니다
DEMO_RIGHT_PAID = { $people }명에게 지급되었습니다. 지급액: { $amount }.
DEMO_RIGHT_RATINGS = 그 뒤 플랫폼이 { $account } 계정의 평점 { $ratings }건을 1점으로 낮추어 다시 보냅니다. 평가 주기 { $cycles }개가 이 평점에 근거합니다. 공개되고 지급 확정된 것은 그대로 유지됩니다.
DEMO_RIGHT_REASON = 구매자가 나중에 평점을 변경함
DEMO_RIGHT_CARDS = 정정으로 { $people }명의 평가표에 새 버전이 생깁니다.
DEMO_RIGHT_DELTAS = { $people }명의 금액이 달라집니다: 지사의 다음 정산에서 { $more } 증가, { $less } 감소. 차이가 가장 큰 것:
DEMO_RIGHT_CARD = { $name } 님이 보는 내용:
DEMO_COLUMN_WHO = 이름
DEMO_COLUMN_PAID = 지급된 금액
DEMO_COLUMN_RIGHT = 맞는 금액
DEMO_COLUMN_DELTA = 차액
DEMO_NEXT = 다음에 할 일
DEMO_OWN_MONTH = 귀하의 한 달. 폴더에 무엇을 넣을지는 docs/bundle.md에 있습니다
DEMO_AGAIN = 이 달을 다시, 살펴볼 파일과 함께
DEMO_COPY = 이 달을 파일로 써서 복사해 쓰기
DEMO_WHY = 한 직원이나 기록이 왜 그렇게 되었는지
DEMO_REPLAY = 다시 계산하여 모든 바이트를 비교
DEMO_CONSOLE = 브라우저에서 http://{ $address } 주소를 여십시오. Ctrl-C로 종료합니다
DEMO_FIRST = 먼저 볼 것: { $agent } 로그인은 상담원의 한 달과 급여를, { $supervisor } 로그인은 누가 언제 계정을 점유했는지를 봅니다. hr1은 달을 마감하고, payroll, approver, payer는 지급을 처리하며, auditor는 모든 것을 봅니다.
DEMO_GRPC = gRPC: http://{ $address }
DEMO_PASSWORD = 이번 실행을 위해 만든 모두의 공통 비밀번호: { $password }
DEMO_TOKEN = 토큰: { $command }
DEMO_HTTP = REST(JSON): 제공하는 것은 http://{ $address }/openapi.json에 있습니다
DEMO_CLOCK = 마감하는 동안 그룹의 시계는 그 달이 끝난 다음 날에 멈춰 있었고 이제 거기서부터 갑니다. 아무것도 보관하지 않습니다.
DEMO_USER_ADMIN = 그룹을 구성하고 역할을 부여함. 누구의 점수도 급여도 볼 수 없음
DEMO_USER_HR = 직원, 근무, 평가 주기. 누구의 급여도 볼 수 없음
DEMO_USER_PAYROLL = 성과급 재원과 정산. 자신이 준비한 것은 승인할 수 없음
DEMO_USER_APPROVER = 다른 사람이 준비한 것을 승인함
DEMO_USER_PAYER = 다른 두 사람이 준비하고 승인한 것을 지급 확정함
DEMO_USER_AUDITOR = 모두 조회할 수 있고 아무것도 변경하지 않음
REPLAY_VERSION = { $what }: 결과는 { $then } 버전으로 계산되었고 지금은 { $now } 버전입니다
REPLAY_TZDB = 시간대 데이터베이스
REPLAY_IDENTICAL = 동일: 파일 { $files }개, 다이제스트 { $digest }
REPLAY_NOT_COVERED = 입력에 원본이 없어 비교하지 않음: { $files }
REPLAY_ALTERED = 변조됨: { $what }
REPLAY_DIFFERENT = 다름: { $file }, { $line }행
REPLAY_MISSING = 폴더에 없음: { $file }
REPLAY_INPUT_CHANGED = inputs/{ $file }: 내용이 변경되었습니다
REPLAY_INPUT_MISSING = inputs/{ $file }: 없거나 읽을 수 없습니다
REPLAY_INPUT_ADDED = inputs/{ $file }: 추가되었습니다
REPLAY_IN_FOLDER = 폴더에 있는 것: { $line }
REPLAY_RECOMPUTED = 다시 계산한 것: { $line }
REPLAY_ENDS = (이 행 전에 파일이 끝남)

## Replaying over the rpcs


## The command line: help. HELP_ and the name of a command, its arguments by name; HELP_SHARED has what several take alike

PAGE_USAGE = 사용법:{ " " }
PAGE_COMMANDS = 명령:
PAGE_ARGUMENTS = 인수:
PAGE_OPTIONS = 옵션:
PAGE_DEFAULT = { " " }[기본값:{ "\u00A0" }{ $value }]
PAGE_VALUES = { " " }[가능한 값:{ "\u00A0" }{ $values }]
PAGE_ENV = { " " }[환경 변수:{ "\u00A0" }{ $name }]
HELP_SHARED =
    .help = 도움말 출력
    .version = 버전 출력
    .bundle = people.csv, accounts.csv, records.csv와 그 밖의 파일이 있는 폴더(docs/bundle.md)
    .from = 기간의 첫날. 예: 2026-03-01. --to와 함께 쓰며, 기본값은 group.yaml의 기간, 없으면 모든 기록이 들어 있는 달
    .to = 기간의 마지막 날. 예: 2026-03-31. 그날도 기간에 포함됨
    .lang = 문장과 `tally demo`에 나오는 이름의 언어. 명령 앞에 써도 되며, 기본값은 환경의 언어(LC_ALL, LC_MESSAGES, LANG)
    .plain-csv = 프로그램용 CSV: 바이트 순서 표시가 없고, 스프레드시트에 필요한, 수식처럼 시작하는 셀 앞의 작은따옴표도 없음
    .json = 요약을 JSON으로만 출력
    .server = 시스템의 수신 주소. 예: https://tally.example:7070. 기본값은 설정의 client.server, 없으면 `tally login`이 마지막으로 로그인한 곳, 없으면 http://127.0.0.1:7070
    .ca = 서버 인증서를 서명한 기관의 파일(PEM). 기본값은 이 컴퓨터가 신뢰하는 기관
    .client-cert = 인증서를 요구하는 서버에 제시할 인증서 체인 파일(PEM). --client-key와 함께 씀
    .client-key = --client-cert의 개인 키 파일(PEM)
    .token-file = 토큰이 담긴 파일, 또는 표준 입력이면 -. 기본값은 `tally login`이 기억하는 것, 없으면 표준 입력
    .config = 설정 파일(TOML)
    .set = 키 하나를 설정. 예: database.url=postgres://.. 여러 번 쓸 수 있음
    .dump-config = 적용되는 설정을 비밀 값은 가리고 출력한 뒤 종료
HELP_TALLY = 누가 어떤 일을 했고, 그 가치는 얼마이고, 얼마를 지급하며, 그 이유는 무엇인가
HELP_HELP = 이 도움말 또는 명령의 도움말 출력
HELP_DEMO = 가상의 그룹으로 주요 작업 보기: 임시 폴더의 SQLite에서 한 달의 기록이 명세서가 됨
    .once = 그룹을 제공하지 않고 요약 뒤에 종료
    .seed = 그룹을 만드는 수. 다른 수를 쓰면 다른 그룹이 만들어짐
    .records = 그 달의 상담 기록 수(대략), 1~5,000,000. 100보다 작으면 100건
    .bundle = 그 달의 파일을 써서 복사해 쓸 새 폴더 또는 빈 폴더
    .listen = 요약 뒤에 제공할 주소와 포트
    .http = 요약 뒤에 제공할 REST의 주소와 포트
HELP_CLOSE = 자신의 파일로 주요 작업 수행: 한 달의 기록이 평가표와 명세서가 됨
    .out = 결과 폴더. 새 폴더 또는 빈 폴더
    .explain = 끝난 뒤 기록 하나(external_id)나 직원 한 명(사번 또는 이름)을 설명
    .database = 임시 폴더의 SQLite 대신 PostgreSQL에서 작업: 빈 데이터베이스의 소유자 URL
HELP_IMPORT = 한 달의 파일을 실행 중인 시스템에 가져오고, 전과 후에 무엇이 있는지 표시
    .out = report.json, findings.csv, rejected.csv, refused.csv를 둘 폴더
    .accept-damaged = 스프레드시트가 아이디나 고객을 자른 행도 씀. 시스템에 그대로 영구히 남음
    .json = 보고를 JSON으로만 출력
HELP_REPLAY = 결과 폴더를 그 안의 입력으로 다시 계산하여 같은 결과가 나오는지, 어느 파일은 확인하지 못하는지 표시
    .dir = `tally close`가 쓴 결과 폴더
    .json = 판정을 JSON으로만 출력
HELP_SERVE = 서비스 하나, 일부 또는 전부를 실행
    .services = 실행할 서비스, 쉼표로 구분. 예: identity,attendance. 기본값은 설정에 있는 것(전부)
    .listen = 수신할 주소와 포트. 기본값은 설정에 있는 것, 127.0.0.1:7070
    .http = 이 프로세스에 게이트웨이가 있을 때 그 주소와 포트. 기본값은 설정에 있는 것, 127.0.0.1:8080
    .sample = 빈 저장소에서 `tally demo`의 가상 그룹으로 시작
HELP_INIT = 빈 저장소에 그룹과 첫 관리자를 만듦
    .name = 그룹의 이름
    .currency = 그룹의 통화(ISO 4217)
    .zone = 그룹의 시간대(IANA)
    .regions = 그룹의 지역, 쉼표로 구분. 예: cn-east,cn-south
    .tenant-id = 미리 정했거나 다른 지역의 시스템에 있는 그룹의 아이디. 저장소에 바로 그 그룹이 있으면 아무것도 변경하지 않으며 실패가 아님
    .login = 첫 관리자의 로그인 이름
    .password-file = 관리자의 비밀번호(12자 이상)가 담긴 파일. 없으면 표준 입력의 첫 줄이 비밀번호
    .invitation-file = 저장소에 이미 다른 그룹이 있을 때 `tally invite`가 출력한 것이 담긴 파일
HELP_INVITE = 그룹이 있는 저장소에 그룹을 하나 더 만들기 위한 초대장 출력(PostgreSQL)
    .tenant-id = 다른 지역의 시스템이 먼저 만든 그룹의 아이디. 기본값은 새 그룹
    .days = 유효한 일수, 최대 30
HELP_MIGRATE = 데이터베이스를 최신 상태로 갱신(PostgreSQL: 소유자의 URL 사용)
HELP_LOGIN = 표준 입력 첫 줄의 비밀번호로 이후의 명령이 쓸 토큰을 받음
    .login = 로그인 이름
    .code = 2차 인증이 있을 때 인증 앱의 여섯 자리 숫자 또는 복구 코드
    .new-password = 비밀번호가 한 번의 로그인용일 때: 표준 입력의 둘째 줄이 새 비밀번호
HELP_USER = 사람과 프로그램의 접속을 관리
HELP_USER_CREATE = 그룹 전체 또는 한 조직에서 역할이 하나 있는 로그인을 만듦
    .login = 로그인 이름
    .role = 역할. 예: group_hr, 또는 --unit과 함께 branch_hr
    .unit = 조직. 예: East. 역할이 미치면 하위 조직도 포함. 기본값은 그룹 전체
    .password-file = 첫 비밀번호(12자 이상)가 담긴 파일, 또는 표준 입력이면 -
HELP_USER_GRANT = 로그인에 역할을 하나 더, 또는 없는 역할을 부여
    .login = 로그인 이름
    .role = 역할. 예: group_hr, auditor
    .unit = 조직. 예: East/Chat. 역할이 미치면 하위 조직도 포함. 기본값은 그룹 전체
HELP_TENANT = 그룹 전체의 데이터를 가져감
HELP_TENANT_EXPORT = 모든 서비스가 보관하는 그룹의 데이터를 폴더에 씀(테이블마다 JSON 줄 파일 하나)
    .out = 폴더. 아직 없어야 함
    .quiet = 진행 상황을 표시하지 않음
HELP_PERSON = 한 직원에 대해 보관하는 것을 꺼냄
HELP_PERSON_EXPORT = 모든 서비스가 한 직원에 대해 보관하는 것을 JSON 파일 하나에 씀
    .person = 직원: 사번 또는 아이디(UUID)
    .out = 파일. 아직 없어야 함
HELP_RETENTION = 데이터의 보존 기간을 관리
HELP_RETENTION_RUN = 그룹의 보존 일정에 따라 기간이 지난 것을 모든 서비스에서 삭제
HELP_AUDIT = 감사 로그를 조회
HELP_AUDIT_VERIFY = 모든 서비스의 체인을 다시 계산하고, 모든 행의 항목을 찾아, 잘못된 것을 표시
    .heads = 로그가 지나야 하는 서명된 헤드의 폴더. 기본값은 설정에 있는 것
HELP_AUDIT_SEARCH = 누가 한 직원에 대해 무엇을 보거나 변경했는지, 한 주체가 무엇을 했는지, 한 대상에 무엇을 했는지 표시. 최신 항목부터
    .person = 이 직원에 대한 것(UUID)
    .principal = 이 주체가 했거나 이 주체를 대신하여 한 것(UUID)
    .subject = 이 대상에 한 것. 예: statement:0199..
    .from = 이 시각부터(RFC 3339). 예: 2026-03-01T00:00:00+08:00
    .to = 이 시각 전까지(RFC 3339)
    .json = 한 줄에 JSON 객체 하나씩 출력
HELP_SCHEME = 그룹의 표준을 한 시스템에서 꺼내 다른 시스템에 넣고, 준비된 평가 체계로 시작
HELP_SCHEME_EXPORT = 그룹의 평가 체계와 그 모든 버전이 담긴 서명된 파일을 출력
    .name = 평가 체계의 이름
    .from = 시스템이 여러 지역을 담당할 때 파일이 나가는 지역
HELP_SCHEME_IMPORT = 다른 지역의 시스템이 내보낸 파일을 가져옴
    .file = 파일
HELP_SCHEME_TEMPLATE = 시작용 평가 체계를 scheme.yaml로 출력하거나, 어떤 것이 있는지 표시
    .name = 평가 체계의 이름. 없으면 모두 나열
    .out = 쓸 파일. 아직 없어야 함
HELP_ACCESS = 검토를 위해 누가 무엇을 할 수 있는지 표시
HELP_ACCESS_REVIEW = 누가 어떤 권한 부여, 위임 또는 긴급 권한으로, 언제부터, 누구에게서 권한을 받아 가지고 있는지 CSV로 표시. 최신 부여부터
    .permission = 권한. 예: 급여를 읽는 compensation.statement.read_pay
HELP_KEYS = 키를 관리: 토큰에 서명하는 키와 데이터베이스에 봉인된 것의 키
HELP_KEYS_MAKE = 클러스터의 비밀 값으로 쓸 키 폴더와 모든 파일을 만듦. 이미 있는 것은 그대로 둠
HELP_KEYS_PROTECT = seal.key를 암호 구문으로 암호화하거나 암호 구문을 변경
    .new-passphrase-file = 새 암호 구문(12자 이상)이 담긴 파일. 없으면 표준 입력의 첫 줄이 암호 구문
HELP_KEYS_ROTATE = 서비스가 작동하는 동안 새 키를 만들어 모든 것을 그 키로 봉인. 앞선 실행이 중지된 곳에서 이어서 진행
    .what =
        어느 키인지. 기본값은 master와 data
        file: seal.key에 마스터 키만 추가하여, 그 키로 무엇이든 감싸기 전에 파일을 배포할 수 있게 함
        master: seal.key의 마스터 키. 빠르며 다시 봉인하는 것은 없음
        data: 데이터 키. 봉인된 모든 행을 다시 봉인
HELP_KEYS_ROTATE_SIGNING = 서비스에 토큰 서명용 새 키를 줌. 실행 중인 프로세스는 1분 안에 스스로 적용
    .service = 서비스. 예: identity

## The command line: what was done

CANNOT_MAKE_TEMPORARY = 임시 폴더를 만들 수 없습니다: { $error }
CANNOT_REPLACE = { $file } 파일을 바꿀 수 없습니다: { $error }
CANNOT_CREATE = { $file } 파일을 만들 수 없습니다: { $error }
CANNOT_WRITE_TO = { $folder } 폴더에 쓸 수 없습니다: { $error }
OUTPUT_LOST = 출력을 모두 쓸 수 없었습니다: { $error }
CANNOT_START = 시작할 수 없습니다: { $error }
CANNOT_LISTEN = { $address } 주소에서 수신할 수 없습니다. { $flag } 옵션으로 다른 주소를 지정하거나 --once로 요약 뒤에 종료하십시오: { $error }
NOT_OF_TALLY = { $file } 파일은 { $line }행 { $column }열부터 tally가 쓴 것이 아닙니다
SAMPLE_SKIPPED = 저장소에 이미 그룹이 있습니다. --sample은 그대로 둡니다
SERVING_HTTP = 게이트웨이는 http://{ $address }, 제공하는 것은 http://{ $address }/openapi.json에 있습니다
SAMPLE_FILLED = 예시 그룹으로 채웠습니다. 한 번만 표시되는 모두의 공통 비밀번호: { $password }
SERVING = { $services } 서비스를 { $scheme }://{ $address } 주소에서 제공합니다
NO_GROUP_YET = 이 저장소에 아직 그룹이 없어 아무도 로그인할 수 없습니다. 이 프로세스를 중지하고, 같은 설정으로 `tally init --name "My group"`을 실행한 뒤 다시 시작하십시오
    .beside = 이 저장소에 아직 그룹이 없어 아무도 로그인할 수 없습니다. 이 프로세스를 그대로 두고 같은 설정으로 `tally init --name "My group"`을 실행하십시오
REGION_OF_NO_GROUP = server.regions에 { $region } 지역이 있는데 이 저장소의 그룹에는 그 지역이 없습니다(있는 지역: { $known }). 이 프로세스는 다른 지역의 행을 제공하지 않습니다. server.regions를 고치거나, 모두 제공하려면 비워 두십시오
REDIS_AWAY = { $at }의 Redis가 응답하지 않습니다(redis.url). 없어도 모두 작동합니다. 복구될 때까지 각 프로세스가 호출을 따로 세고, 소비자는 깨워지는 대신 몇 초마다 이벤트를 확인합니다
FILE_SWITCH = { $switch }: { $why }
ASK_PASSWORD_TWELVE = 비밀번호(12자 이상, 입력하는 대로 표시됨):{ " " }
ASK_PASSWORD = 비밀번호(입력하는 대로 표시됨):{ " " }
ASK_NEW_PASSWORD = 새 비밀번호(12자 이상):{ " " }
ASK_NEW_PASSPHRASE = 새 암호 구문(입력하는 대로 표시됨):{ " " }
NO_PASSWORD_GIVEN = 표준 입력에 비밀번호가 없습니다. 직접 입력하거나 파이프로 넣으십시오
SET_EXPECTED = --set { $pair }: KEY=VALUE 형식이어야 합니다
SUBJECT_EXPECTED = --subject: KIND:ID 형식이어야 합니다. 예: statement:0199..
GROUP_DIFFERS = { $id } 그룹이 이 저장소에 이미 만들어져 있으며 입력한 것과 다릅니다({ $differences }). 변경된 것은 없습니다. 있는 그대로 입력하거나 다른 저장소를 선택하십시오
GROUP_DIFFERENCE = { $what }: 기존 { $there }, 입력 { $typed }
GROUP_WAS_MADE = { $id } 그룹이 이 저장소에 이미 만들어져 있습니다. 변경된 것은 없습니다
GROUP_MADE = { $name } 그룹({ $id })과 관리자 { $login } 로그인을 만들었습니다
GROUP_NEXT = 다음: tally serve, 그다음 tally login { $login }
OWNER_URL_MISSING = PostgreSQL의 스키마는 소유자가 만듭니다. 소유자의 URL postgres://OWNER:PASSWORD@HOST/DATABASE를 설정하십시오(TALLY_DATABASE_OWNER_URL)
OWNER_URL_ALONE = database.owner_url이 설정되어 있는데 SQLite입니다. 서비스가 로그인하는 URL로 설정하거나(TALLY_DATABASE_URL) database.owner_url을 빼십시오
MIGRATED = { $service }: { $ran }
UP_TO_DATE = 최신 상태
AUDIT_VERIFIED = { $service }: 항목 { $entries }개, 행 { $rows }개, 내보낸 헤드 { $heads }개: { $verdict }
AUDIT_INTACT = 이상 없음
AUDIT_ON_BEHALF = { " " }({ $id } 대신)
AUDIT_FAULT = { $stream }의 { $table }: { $place }: { $defect }
AUDIT_PLACE = 항목 { $at }
    .unnumbered = 번호 없는 항목
    .named = { $place } ({ $id })
    .row = 행 { $row }
    .row-of = 행 { $row } (항목 { $id })
    .line = 줄 { $row }
AUDIT_DEFECT = 서비스가 쓴 것이 아닙니다
    .chain = 앞 항목에서 이어지지 않습니다(삽입, 교체 또는 이동됨)
    .missing = 없습니다
    .truncated = 없으며, 그 뒤부터 서명된 헤드까지 모두 없습니다
    .beyond = 서명된 헤드를 넘어서 있습니다
    .head = 헤드인데 서명이 없거나 서비스의 서명이 아닙니다
    .unnumbered = 5초 넘게 순번을 기다리고 있습니다. 시퀀서가 실행 중입니까?
    .forked = 내보낸 헤드의 항목이 아닙니다. 그 앞의 로그가 교체되었습니다
    .older = 더 뒤의 헤드를 내보냈는데 없습니다. 오래된 로그로 되돌려졌습니다
    .exported = 이 서비스의 헤드가 아니거나 앞 줄보다 뒤로 갑니다
    .unaccounted = 감사 항목이 없습니다. 어떤 작업 단위도 이 행을 쓰지 않았습니다
    .borrowed = 이 행이나 옆의 행이 다른 감사 항목을 빌렸습니다. 그 항목이 쓴 행은 그것을 가리키는 행보다 적습니다
AUDIT_FAULTS = 이상 { $count }건
AUDIT_FOUND = 항목 { $count }개
REVIEW_FOUND = { $permission } 권한을 갖는 경로 { $count }개
INVITE_ONE_GROUP = 그룹을 하나만 담는 SQLite 파일을 가리켜 초대할 수 없습니다. 여러 그룹을 쓰려면 PostgreSQL이 필요합니다(TALLY_DATABASE_URL=postgres://...)
INVITED = { $days }일 동안 { $tenant } 그룹을 들이는 초대장입니다. InitTenant 또는 `tally init --invitation-file`에 넘기십시오
KEYS_MADE = { $folder } 폴더에 seal.key와 모든 서비스의 서명 키가 있습니다. 백업하십시오
PASSPHRASE_TOO_SHORT = 새 암호 구문이 너무 짧습니다. { $least }자 이상이어야 합니다
KEYS_PROTECTED = { $file } 파일을 새 암호 구문으로 보호했습니다
KEYS_PROTECTED_NEXT = 다음: 모든 서비스에 TALLY_KEYS_PASSPHRASE 또는 TALLY_KEYS_PASSPHRASE_FILE을 설정하고 파일을 백업하십시오
KEYS_WRAPPED = { $service }: 데이터 키 { $count }개를 최신 마스터 키로 감쌌습니다
KEYS_STOPPED = 중지했습니다. 잃은 것은 없으며 같은 명령이 여기서 이어서 진행합니다
MASTER_KEY_ADDED = 마스터 키({ $id })를 { $file } 파일에 넣었습니다. 파일을 백업하십시오
MASTER_KEY_KEPT = 데이터 키 { $count }개가 이전 마스터 키로 감싸여 있습니다. 모두 바뀔 때까지 새 마스터 키를 추가하지 않습니다
KEYS_STEP = { $service }: { $table }.{ $column }, { $rows }행
KEYS_REPLACED = { $service }: 데이터 키 { $keys }개 교체, { $rows }행을 다시 봉인({ $speed }행/초)
KEYS_REPLACED_RESUMED = { $service }: 이전 실행의 데이터 키 { $keys }개 교체, { $rows }행을 다시 봉인({ $speed }행/초)
NO_SUCH_SERVICE = { $service } 서비스가 없습니다. { $services } 중 하나를 지정하십시오
SIGNING_KEY_ROTATED = { $service }: 새 키가 { $from }부터 서명합니다. 이전 키는 이미 서명한 것에 계속 유효합니다
PERSON_EXPORTED = { $file } 파일에 썼습니다. 귀하가 읽을 수 없는 { $withheld }행은 제외했습니다
    .untold = { $file } 파일에 썼습니다. 귀하가 읽을 수 없는 { $withheld }행은 제외했습니다. { $services } 서비스에서는 나온 것이 없습니다. 그 직원에 대해 보관하는 것이 없거나, 귀하의 권한이 미치지 않는 조직과 날짜의 행만 있습니다. 그룹 전체의 직원을 읽을 수 있는 사람은 모두 받을 수 있습니다
PERSON_EXPORTED_BEYOND = { $services } 서비스에 귀하의 권한이 미치지 않는 조직과 날짜의, 이 직원에 대한 행이 더 있습니다. 그룹 전체의 직원을 읽을 수 있는 사람은 모두 받을 수 있습니다
GROUP_EXPORTED = { $rows }행을 { $folder } 폴더에 썼습니다. 귀하가 읽을 수 없는 { $withheld }행은 제외했습니다
RETENTION_TAKEN = { $service }: { $table } 테이블 { $rows }행({ $kind })
RETENTION_DONE = { $rows }행을 삭제했습니다
INPUT_NOT_READ = 표준 입력을 읽지 않았습니다. 토큰을 표준 입력에서 받으려면 --token-file -을 쓰십시오
USER_CREATED = { $login } 로그인을 사용할 수 있습니다. 역할: { $role }
USER_ROLE_UNKNOWN = 그룹 전체나 한 조직에 부여할 수 있는 { $role } 역할이 없습니다. 로그인을 만들지 않았습니다. 있는 역할: { $roles }
    .grant = { $role } 역할이 없습니다. 있는 역할: { $roles }
USER_ROLE_WITHOUT_UNIT = { $role } 역할은 조직에 부여하지 않습니다. --unit을 빼십시오
USER_ROLE_OF_A_UNIT = { $role } 역할은 조직에 부여합니다. --unit으로 조직을 지정하십시오
USER_UNIT_UNKNOWN = { $unit } 조직이 없습니다{ $hint }
USER_GRANTED = { $login } 로그인에 { $role } 역할이 있습니다
    .already = { $login } 로그인에 그곳의 { $role } 역할이 이미 있습니다. 변경된 것은 없습니다
USER_WITHOUT_ROLE = { $login } 로그인은 만들었지만 { $role } 역할은 부여하지 못했습니다. 다음으로 부여하십시오: tally user grant { $login } { $role }{ $on }
IMPORT_INTERRUPTED = 귀하가 중지했습니다
IMPORT_CURRENCY = 금액은 { $said } 통화인데 그룹의 금액은 { $is } 통화입니다
IMPORT_CURRENCY_CURE = 금액을 { $is } 통화로 쓰고 currency: { $is } 줄을 쓰십시오
IMPORT_BRANCH_REGION = { $branch } 지사를 { $said } 지역에 두었는데 시스템에는 { $is } 지역에 있습니다
IMPORT_BRANCH_REGION_CURE = branches: 아래 { $branch } 항목에 { $is } 값을 쓰거나 지사에 다른 이름을 주십시오
IMPORT_NO_REGION = { $branches } 지사의 지역이 없어, 그룹에 없는 { $default } 지역에 있게 됩니다
IMPORT_NO_REGION_CURE = 각각 어디에 있는지 쓰십시오(그룹의 지역: { $known }). 예: branches: { "{" }"{ $branch }": { $region }{ "}" }
IMPORT_REGIONS = 그룹에 없는 지역에 지사를 두었습니다: { $unknown }
IMPORT_REGIONS_CURE = group.yaml의 branches: 아래에 지사마다 { $known } 중 하나를 쓰거나, 그룹에 그 지역을 추가하십시오

## Console

UI_LANGUAGE_NAME = 한국어
UI_SKIP = 본문으로 이동
UI_SCREENS = 화면
UI_WAY_HERE = 현재 위치
UI_HOME = 홈
UI_GREETING = { $name } 님, 환영합니다
UI_LANGUAGE = 언어
UI_THEME = 색상
UI_THEME_AUTO = 시스템 설정
UI_THEME_LIGHT = 밝게
UI_THEME_DARK = 어둡게
UI_DENSITY = 행 간격
UI_DENSITY_COMPACT = 좁게
UI_DENSITY_TOUCH = 터치용
UI_ZONE = 시간대(예: Asia/Shanghai)
UI_KEEP_CHOICES = 적용
UI_SIGN_IN = 로그인
UI_SIGN_OUT = 로그아웃
UI_LOGIN = 로그인 이름
UI_PASSWORD = 비밀번호
UI_CODE = 인증 코드
UI_CODE_HINT = 인증 앱에 표시된 여섯 자리 숫자 또는 복구 코드입니다.
UI_NEW_PASSWORD = 새 비밀번호
UI_NEW_PASSWORD_HINT = 기존 비밀번호는 한 번만 쓸 수 있는 것이었습니다. 최소 12자이며, 서로 관련 없는 단어 네 개를 쓰면 좋습니다.
UI_SESSION_OVER = 세션이 끝났습니다. 계속하려면 로그인하십시오. 보낸 내용은 사라지지 않습니다.
UI_SIGNED_IN_AGAIN = 다시 로그인했습니다
UI_SEND_AGAIN_SAID = 앞서 보낸 내용이 그대로 있으며 아직 실행되지 않았습니다.
UI_SEND_AGAIN = 지금 보내기
UI_TO_HOME = 첫 페이지로
UI_TRY_AGAIN = 다시 시도
UI_FOR_SUPPORT = 지원 문의용:
UI_NOT_FOUND = 찾을 수 없음
UI_NOT_ALLOWED = 권한 없음
UI_NOT_NOW = 지금은 사용할 수 없음
UI_REFUSED = 처리하지 못함
UI_OPTIONAL = (선택)
UI_PUT_RIGHT = 다음 항목을 고치십시오:
UI_SAVE = 저장
UI_CANCEL = 취소
UI_REMOVE = 삭제
UI_YES = 예
UI_NO = 아니요
UI_SEARCH = 검색
UI_ALL = 전체
UI_GROUP_BY = 묶기 기준
UI_NOT_GROUPED = 묶지 않음
UI_GROUPED_BY = { $column } 기준
UI_COLUMNS = 열
UI_SHOW = 표시
UI_SHOW_ALL = 모두 표시
UI_PAGES = 페이지
UI_PREVIOUS = 이전
UI_NEXT = 다음
UI_PAGE_OF = { $page } / { $pages }
UI_ROWS = { $count }행
UI_ROWS_OF = { $total }행 중 { $count }행
UI_EXPORT = CSV 다운로드
UI_NOTHING_FITS = 조건에 맞는 항목이 없습니다.
UI_NOTHING_THERE = 아직 아무것도 없습니다.
UI_NOTHING_TO_DRAW = 그릴 데이터가 없습니다.
UI_LOADING = 불러오는 중…
UI_AS_OF = 기준일
UI_NAME = 이름
UI_EMPLOYEE_NO = 사번
UI_UNIT = 조직
UI_POSITION = 직책
UI_GRADE = 직급
UI_REGION = 지역
UI_SINCE = 시작일
UI_STATE = 상태
UI_SHARE = 비율
UI_AMOUNT = 금액
UI_DAY = 날짜
UI_REASON = 사유
UI_REASON_HINT = 나중에 확인하는 사람이 읽습니다.
UI_SURE = 예, 확인했습니다
UI_NO_PEOPLE = 조회할 수 있는 범위에 이날 재직 중인 직원이 없습니다.
UI_GALLERY = 구성 요소
NAV_MINE = 내 업무
NAV_TEAM = 팀
NAV_BRANCH = 지사와 그룹
NAV_PAY = 급여
NAV_AUDIT = 감사
NAV_PLATFORM = 시스템 관리
NAV_PEOPLE = 직원
FORM_OF_ANOTHER_SITE = 다른 사이트에서 보낸 요청입니다. 여기에서 페이지를 열고 그곳에서 보내십시오
FORM_OUTDATED = 이전 세션의 페이지입니다. 새로 불러온 뒤 다시 보내십시오

## Console: access

NAV_WHY = 권한 확인
NAV_REVIEW = 권한 점검
NAV_GRANTS = 권한 부여
NAV_LOGINS = 로그인
NAV_ROLES = 역할
NAV_DELEGATIONS = 위임
NAV_EMERGENCIES = 긴급 권한
NAV_KEYS = API 키
NAV_PROVIDERS = 싱글 사인온 제공자
NAV_ACCOUNT = 내 로그인
UI_KIND = 유형
UI_PERSON = 직원
UI_WHO = 누구
UI_ROLE = 역할
UI_ROLES = 역할
UI_REACH = 범위
UI_DAYS = 날짜
UI_CONDITION = 조건
UI_GIVEN_BY = 부여한 사람
UI_GIVEN_AT = 부여 시각
UI_HOLDS_TODAY = 오늘 유효
UI_HOLDS = 유효
UI_OVER = 종료
UI_FIRST_DAY = 첫날
UI_LAST_DAY = 마지막 날
UI_UNTIL_WHEN = 종료 시각
UI_PERMISSION = 권한
UI_PERMISSIONS = 권한
UI_PERMISSIONS_HINT = attendance.roster.write와 같은 이름을 쉼표로 구분하여 쓰십시오. 각 역할의 페이지에 있습니다.
UI_WHAT_FOR = 용도
UI_NEW_LOGIN = 새 로그인
UI_LOGIN_HINT = 로그인할 때 입력하는 이름입니다. 이 시스템에서 다른 사람과 같을 수 없습니다.
UI_PASSWORD_HINT = 최소 12자이며, 서로 관련 없는 단어 네 개를 쓰면 좋습니다.
UI_LOGIN_OF = 특정 직원의 로그인이 아니면 비워 두십시오.
UI_RESET_PASSWORD = { $name } 님의 새 비밀번호
UI_RESET_NOW = 일회용 비밀번호 만들기
UI_RESET_SAID = 이 로그인의 모든 세션이 끝납니다. 비밀번호는 한 번만 표시되고 한 번의 로그인에만 쓸 수 있으며, 그때 바꿔야 합니다.
UI_FACTOR_LOST = 2차 인증 수단을 잃어버림: 함께 해제
UI_ONE_TIME_PASSWORD = 일회용 비밀번호
UI_ONE_TIME_SAID = 직접 만나서 전달하십시오. { $until }까지 한 번의 로그인에만 쓸 수 있으며 다시 표시되지 않습니다.
UI_ONCE_SAID = 한 번만 표시됩니다. 프로그램만 읽을 수 있는 곳에 보관하십시오.
UI_WRITTEN_DOWN = 보관했습니다
UI_NEW_GRANT = 역할 부여
UI_GRANT_SAID = 역할을 부여하는 사람은 부여하는 곳에서 그 역할의 권한을 모두 가지고 있어야 합니다. 1초 안에 적용됩니다.
UI_UNIT_OF_REACH = 조직을 지정하는 범위일 때만 씁니다.
UI_REGION_OF_REACH = 지역을 지정하는 범위일 때만 씁니다(예: cn-north).
UI_WITH_FACTOR = 2차 인증 필요
UI_ONLY_WITH_FACTOR = 2차 인증을 한 세션에서만
UI_ONLY_AT_HOURS = 이 시간대에만
UI_HOURS_HINT = 예: 08:00-20:00. 항상이면 비워 두십시오.
UI_REVOKE_GRANT = 역할 회수
UI_REVOKE_SAID = { $name } 님의 { $role } 역할({ $reach })이 1초 안에 회수됩니다.
UI_NEW_ROLE = 새 역할
UI_ROLE_READY = 기본 제공
UI_ROLE_OWN = 그룹 정의
UI_ROLE_READY_SAID = 기본으로 제공되는 역할이어서 변경할 수 없습니다. 맞지 않으면 직접 정의하십시오.
UI_ROLE_NAME_HINT = 영문 소문자, 숫자, _ 기호로 2자 이상 64자 이하.
UI_NOBODY_HOLDS = 이 권한을 가진 사람이 없습니다.
UI_MYSELF = 본인
UI_WHOLE_GROUP = 그룹 전체
UI_ASK = 확인
UI_ALLOWED = 허용됨
UI_NOT_ALLOWED_NOW = 허용되지 않음
UI_ROLES_THAT_GIVE = 이 권한을 주는 역할:
UI_WHO_COULD_GIVE = 부여할 수 있는 사람:
UI_DELEGATOR = 위임한 사람
UI_DELEGATE = 위임받은 사람
UI_DELEGATE_NOW = 위임
UI_DELEGATIONS_SAID = 위임은 자신의 권한 일부를 정한 시각까지 빌려주는 것입니다. 자신의 범위까지만 미치며 그 이상은 될 수 없습니다.
UI_TYPED_AT = { $zone } 시간 기준.
UI_TO_REVIEW = 검토 대기
UI_REVIEWED = 검토됨
UI_NO_EMERGENCIES = 긴급 권한을 연 사람이 없습니다.
UI_OPEN_EMERGENCY = 긴급 권한 열기
UI_EMERGENCIES_SAID = 긴급 권한은 최대 한 시간 동안 권한을 엽니다. 사용 사실이 통보되며 다른 사람이 검토합니다.
UI_EMERGENCY_OF = { $name } 님의 긴급 권한
UI_END_EMERGENCY = 지금 종료
UI_REVIEW_NOW = 검토
UI_WHAT_WAS_FOUND = 검토 결과
UI_TICKET = 티켓
UI_REASON_TWENTY = 20자 이상. 검토하는 사람이 읽습니다.
UI_FOR_HOW_LONG = 기간
UI_MINUTES = { $count }분
UI_SERVICE_ACCOUNT = 서비스 계정
UI_NEW_SERVICE_ACCOUNT = 새 서비스 계정
UI_SERVICE_ACCOUNT_SAID = 프로그램은 전용 계정을 씁니다. 역할은 사람과 같고, 비밀번호 대신 키를 씁니다.
UI_NEW_KEY = 새 키
UI_API_KEY = API 키
UI_KEYS_SAID = 프로그램은 키를 10분 동안 유효한 토큰으로 교환합니다. 키는 계정 권한의 일부로 제한할 수 있습니다.
UI_KEY_PERMISSIONS_HINT = 이름을 쉼표로 구분하여 쓰십시오. 계정의 모든 권한이면 비워 두십시오.
UI_KEY_YEAR = 최대 366일 뒤까지.
UI_NO_KEY = 아직 키 없음
UI_ALL_OF_ACCOUNT = 계정의 모든 권한
UI_LAST_USED = 마지막 사용
UI_REVOKE_KEY = 키 폐기
UI_REVOKE_KEY_SAID = 이 키를 쓰는 프로그램은 더 이상 로그인할 수 없습니다. 되돌릴 수 없습니다.
UI_NO_PROVIDERS = 싱글 사인온 제공자가 없습니다.
UI_NEW_PROVIDER = 제공자 추가 또는 변경
UI_PROVIDERS_SAID = 이 콘솔의 주소 뒤에 { $path } 경로를 붙여 제공자에 리디렉션 주소로 등록하십시오.
UI_ISSUER = 발급자
UI_CLIENT_ID = 클라이언트 ID
UI_CLIENT_SECRET = 클라이언트 비밀
UI_CLIENT_SECRET_HINT = 비밀이 없는 클라이언트면 비워 두십시오. 다시 표시되지 않습니다.
UI_CLAIM = 로그인 이름의 클레임
UI_CLAIM_HINT = 예: email. 확인된 경우에만 인정합니다.
UI_REDIRECT = 돌아올 주소
UI_PROVIDER_NAME_HINT = 사용자가 선택할 때 쓰는 이름입니다. 영문 소문자, 숫자, - 기호로 2자 이상 50자 이하.
UI_PROVIDER_REGION_HINT = 사용할 수 있는 직원의 지역입니다. 모두면 * 기호를 쓰십시오.
UI_SSO = 소속 기관으로 로그인
UI_SSO_PROVIDER = 제공자 이름
UI_SSO_SAID = 소속 기관의 제공자로 이동하여 그곳에서 로그인합니다.
UI_GO_ON = 계속
UI_SESSIONS = 세션
UI_THIS_ONE = 현재 세션
UI_END_SESSION = 종료
UI_END_ALL_SESSIONS = 모든 곳에서 로그아웃
UI_CHANGE_PASSWORD = 비밀번호 변경
UI_CHANGE_PASSWORD_SAID = 다른 세션은 모두 끝납니다.
UI_ADD_FACTOR = 2차 인증 등록
UI_REMOVE_FACTOR = 2차 인증 해제
UI_FACTOR_SAID = 인증 앱을 열어 이 키를 추가한 뒤 표시된 여섯 자리 숫자를 입력하십시오.
UI_FACTOR_SECRET = 키
UI_FACTOR_OPEN = 이 기기의 인증 앱에서 열기
UI_CODE_OF_NEW = 지금 인증 앱에 표시된 여섯 자리 숫자입니다.
UI_CONFIRM = 확인
UI_RECOVERY_CODE = 복구 코드
UI_RECOVERY_SAID = 인증 앱을 잃어버렸을 때 코드 대신 각각 한 번씩 쓸 수 있습니다. 다시 표시되지 않습니다.
WORD_SCOPE_KIND_SELF = 본인
WORD_SCOPE_KIND_REPORTS = 보고받는 직원
WORD_SCOPE_KIND_UNIT = 한 조직
WORD_SCOPE_KIND_SUBTREE = 조직과 모든 하위 조직
WORD_SCOPE_KIND_LEGAL_ENTITY = 법인
WORD_SCOPE_KIND_REGION = 지역
WORD_SCOPE_KIND_TENANT = 그룹 전체
WORD_ROLE_AGENT = 상담원
WORD_ROLE_SUPERVISOR = 슈퍼바이저
WORD_ROLE_BRANCH_HR = 지사 인사 담당
WORD_ROLE_GROUP_HR = 그룹 인사 담당
WORD_ROLE_COMPENSATION_SPECIALIST = 급여 담당
WORD_ROLE_APPROVER = 승인자
WORD_ROLE_INTEGRATOR = 연동 담당
WORD_ROLE_AUDITOR = 감사 담당
WORD_ROLE_PLATFORM_OPERATOR = 시스템 운영자
WORD_ROLE_GROUP_ADMIN = 그룹 관리자
WORD_LOGIN_KIND_PERSON = 직원
WORD_LOGIN_KIND_USER = 특정 직원 아님
WORD_LOGIN_KIND_SERVICE_ACCOUNT = 프로그램
WORD_GRANT_VERDICT_ALLOWS = 이 작업을 허용함
WORD_GRANT_VERDICT_OUT_OF_REACH = 역할이 권한을 주지만 범위가 여기에 미치지 않음
WORD_GRANT_VERDICT_CONDITION_UNMET = 2차 인증을 하거나 다른 시간대이면 허용됨
WORD_GRANT_VERDICT_NOT_NOW = 다른 날짜이면 허용됨
WORD_GRANT_VERDICT_NOT_ENTITLED = 그룹에 이 모듈이 없음
WORD_GRANT_VERDICT_ROLE_LACKS = 역할이 이 권한을 주지 않음
WORD_MODULE_IDENTITY = 신원
WORD_MODULE_ATTENDANCE = 근태
WORD_MODULE_PERFORMANCE = 성과
WORD_MODULE_COMPENSATION = 급여
WORD_MODULE_TALENT = 인재
WORD_MODULE_SUITE = 모든 부분
DONE_GRANT_GIVEN = 역할을 부여했습니다.
DONE_GRANT_TAKEN = 역할을 회수했습니다.
DONE_ROLE_DEFINED = 역할을 저장했습니다.
DONE_DELEGATED = 위임했습니다.
DONE_DELEGATION_ENDED = 위임을 종료했습니다.
DONE_EMERGENCY_OPENED = 긴급 권한을 열었습니다. 사용 사실이 통보됩니다.
DONE_EMERGENCY_ENDED = 긴급 권한을 종료했습니다.
DONE_EMERGENCY_REVIEWED = 검토를 저장했습니다.
DONE_ACCOUNT_MADE = 계정을 만들었습니다.
DONE_KEY_REVOKED = 키를 폐기했습니다.
DONE_PROVIDER_KEPT = 제공자를 저장했습니다.
DONE_PROVIDER_REMOVED = 제공자를 삭제했습니다.
DONE_PASSWORD_CHANGED = 비밀번호를 변경했습니다. 다른 세션은 모두 끝났습니다.
DONE_FACTOR_REMOVED = 2차 인증을 해제했습니다.
DONE_SESSION_ENDED = 세션을 종료했습니다.
DONE_SESSIONS_ENDED = 모든 곳에서 로그아웃했습니다.
SSO_OF_ANOTHER_BROWSER = 다른 브라우저에서 시작했거나 너무 오래전에 시작한 로그인입니다. 여기서 다시 시작하십시오

## Console: people and structure

NAV_ORG = 조직도
NAV_CORRECTIONS = 정정
NAV_ACCOUNTS = 계정
NAV_ALIASES = 별칭
NAV_DEVICES = 기기
NAV_SITES = 근무지
NAV_CATALOGUE = 직책과 직급
UI_ABOUT = 대상
UI_ACCOUNT = 계정
UI_ACCOUNT_HINT = 플랫폼에 로그인할 때 쓰는 그대로.
UI_ACTIONS = 변경
UI_ADD_ACCOUNT = 계정 추가
UI_ADD_ALIAS = 별칭 추가
UI_ADD_DEVICE = 기기 추가
UI_ADD_ENTRY = 직책 또는 직급 추가
UI_ADD_PERSON = 직원 추가
UI_ADD_PHASE = 사용 방식 변경
UI_ADD_PHASE_SAID = 그 전 날짜는 그대로 유지됩니다. 더 나중의 단계만 추가할 수 있으며, 지난 것은 기록된 대로 남습니다.
UI_ADD_SITE = 근무지 추가
UI_ADD_UNIT = 조직 추가
UI_ADD_UNIT_BELOW = 하위 조직 추가
UI_AFTER = 이후
UI_ALIAS = 별칭
UI_ALIAS_END = 별칭 종료
UI_ALIAS_MOVE = 다른 사람에게 넘기기
UI_ALL_STATES = 전체
UI_ALWAYS = 항상
UI_APPROVE = 승인
UI_APPROVED = 승인됨
UI_ASKED = 요청 내용
UI_ASKED_AT = 요청 시각
UI_ASKED_BY = 요청한 사람
UI_AS_HOME = 비워 두면 주 고용과 같습니다.
UI_AT_ONCE = 동시 대화 수
UI_AT_ONCE_HINT = 한 사람이 동시에 할 수 있는 대화 수입니다. 음성이면 1입니다.
UI_BACKDATED = 이번 달 이전부터 시작하려는 것이 맞음: 마감한 달도 오늘 알려진 내용으로 읽습니다
UI_BEFORE = 이전
UI_CATALOGUE_SAID = 같은 코드를 더 나중의 첫날로 다시 쓰면 그날부터 유효한 내용이 됩니다. 항목이 하나도 없으면 모든 직책과 직급을 쓸 수 있습니다.
UI_CODE_NAME = 코드
UI_CODE_NAME_HINT = 고용에서 쓰는 이름입니다(예: agent, P3).
UI_CORRECTION_ABOUT_YOU = 귀하에 대한 정정이므로 다른 사람이 결정합니다.
UI_CORRECTION_DECIDE = 다른 사람이 요청한 정정입니다. 승인하면 그때부터 인정됩니다.
UI_CORRECTION_LOOK = 정정을 승인할 수 있는 사람을 기다리고 있습니다.
UI_CORRECTION_OVER = 더 결정할 것이 없습니다.
UI_CORRECTION_OWN = 귀하가 요청한 정정이므로 다른 사람이 결정합니다. 기다리는 동안에는 철회할 수 있습니다.
UI_COUNTS_NO_MORE = 더는 인정되지 않지만 기록된 것은 지우지 않으므로 목록에 남습니다.
UI_CUT_OVER = 근무일 경계
UI_CUT_OVER_HINT = 밤의 이 시각에 한 근무일이 끝나고 다음 근무일이 시작됩니다.
UI_DEED_CANCEL = 예정 취소
UI_DEED_CANCEL_SAID = 이날부터 예정된 변경은 일어나지 않으며, 오늘 유효한 것은 그대로입니다.
UI_DEED_CORRECT_START = 첫날 바로잡기
UI_DEED_CORRECT_START_SAID = 첫날을 잘못 적었을 때 씁니다. 전에 알려진 내용은 기록에 남습니다.
UI_DEED_END = 고용 종료
UI_DEED_END_SAID = 모든 겸직, 파견, 휴가도 이날 함께 종료됩니다.
UI_DEED_END_LEAVE = 휴가 종료
UI_DEED_END_LINE = 보고 라인 종료
UI_DEED_END_POST = 겸직 종료
UI_DEED_LEAVE = 휴가
UI_DEED_LINE = 상사 지정
UI_DEED_LINE_SAID = 실선 보고는 해당 날짜 동안 현재의 실선 보고를 대신합니다.
UI_DEED_POST = 파견 또는 겸직
UI_DEED_RECTIFY = 이름 또는 사번 바로잡기
UI_DEED_RECTIFY_SAID = 잘못 적은 것에만 씁니다. 잘못된 내용은 사라지며, 변경했다는 사실은 감사 로그에 남습니다.
UI_DEED_REHIRE = 재입사
UI_DEED_TRANSFER = 이동 또는 승진
UI_DEED_TRANSFER_SAID = 이날부터 적용되며 그 전은 그대로 유지됩니다. 직급이 달라지면 승진입니다.
UI_DEVICE = 기기
UI_DEVICES_ALIASES = 별칭과 기기
UI_DEVICE_END = 기기 종료
UI_DEVICE_HINT = 좌석이나 플랫폼에서 쓰는 이름 그대로, 대소문자도 같게.
UI_DEVICE_MOVE = 다른 사람에게 넘기기
UI_EMPLOYED_AS = 고용 형태
UI_EMPLOYEE_NO_HINT = 그룹이 이 직원에게 붙인 번호입니다. 다른 사람과 같을 수 없습니다.
UI_EMPLOYMENTS = 고용
UI_EMPTY_STAYS = 비워 두면 그대로 둡니다.
UI_EVIDENCE = 근거
UI_EXCLUSIVE = 한 번에 한 사람
UI_EXCLUSIVE_FIELD = 한 번에 한 사람만 점유할 수 있음
UI_FACT = 사실
UI_FACTS = 사실
UI_FROM_BEGINNING_HINT = 비워 두면 처음부터입니다.
UI_FROM_ON = { $from }부터
UI_FROM_TIME = 시작
UI_FROM_TO = { $from } ~ { $to }
UI_FROM_WHEN = 언제부터
UI_GONE_UNITS = 폐지된 조직
UI_HANDOVER = 인수인계
UI_HIDDEN = 볼 수 없음
UI_HISTORY = 이력
UI_ID_NUMBER = 신분증 번호
UI_ITS_ZONE = 시간대
UI_KNOWN_ON = 확인 기준일
UI_LADDER = 직급 순위
UI_LADDER_HINT = 직급에만 씁니다. 1부터이며 클수록 높습니다.
UI_LEAVES = 휴가
UI_LEAVE_KIND = 휴가 사유
UI_LEAVE_REASON = 상세 사유
UI_LEAVE_REASON_HINT = 휴가 사유를 볼 권한이 있는 사람만 읽습니다.
UI_LINE_KIND = 보고 라인 유형
UI_LOOK = 영향 확인
UI_MANAGER = 상사
UI_MERGE_ALSO = 함께 합칠 조직
UI_MERGE_INTO = 합쳐질 조직
UI_MOVE_PEOPLE_HINT = 재직 중인 직원이 있으면 필요합니다.
UI_MOVE_PEOPLE_TO = 직원과 계정을 옮길 조직
UI_NAME_HIDDEN = 이름을 볼 수 없음
UI_NEW_PARENT = 새 상위 조직
UI_NEW_PERSON = 그때부터의 사용자
UI_NOBODY = 없음
UI_NOBODY_CALLED = 목록에 “{ $text }” 항목이 없습니다. 목록에서 선택하십시오
UI_NONE_KNOWN = 없음
UI_NOTHING_AFTER = 없었던 일이거나 더는 인정되지 않습니다.
UI_NOTHING_BEFORE = 기록된 것이 없었습니다.
UI_NOT_EMPLOYED = 이날 재직 중이 아님
UI_NOT_SAID = 지정하지 않음
UI_NO_ACCOUNTS = 조회할 수 있는 범위에 계정이 없습니다. 첫 계정을 추가하거나 파일로 가져오십시오.
UI_NO_ALIASES = 조회할 수 있는 범위에 별칭이 없습니다.
UI_NO_CATALOGUE = 이날에는 카탈로그가 없습니다. 모든 직책과 직급을 쓸 수 있습니다.
UI_NO_CORRECTIONS = 이 상태의 정정이 없습니다.
UI_NO_CORRECTIONS_WAITING = 결정을 기다리는 것이 없습니다.
UI_NO_DEVICES = 조회할 수 있는 범위에 기기가 없습니다.
UI_NO_DEVICES_ALIASES = 이 직원의 별칭이나 기기가 없습니다.
UI_NO_EMPLOYMENTS = 조회할 수 있는 범위에 고용이 없습니다.
UI_NO_LEAVES = 휴가가 없습니다.
UI_NO_MANAGER = 이날 보고하는 상사가 없습니다.
UI_NO_REASON = 사유를 쓰지 않았습니다.
UI_NO_SITES = 아직 근무지가 없습니다. 첫 근무지를 추가하십시오.
UI_NO_SLASH = “/” 없이 이름 하나만 쓰십시오. 상위 조직은 따로 선택합니다
UI_NO_UNITS = 조회할 수 있는 범위에 이날의 조직이 없습니다.
UI_NO_USES = 이 날짜에 기기에서 일한 것으로 알려진 사람이 없습니다.
UI_OF_PERSON = 직원의 것
UI_OF_SEAT = 좌석의 것
UI_ONE_OF_BOTH = 직원과 좌석 중 하나만 입력하십시오
UI_ONLY_NEWEST = 최신 { $count }건만 표시됩니다. 줄이려면 상태를 선택하십시오.
UI_ON_DAY = { $day } 기준
UI_OPEN_END_HINT = 비워 두면 종료일이 정해지지 않은 것입니다.
UI_ORG_COUNTED = 조직 { $units }개, 직원 { $count }명
UI_OWN_ZONE = 시간대
UI_PARENT_NOT_THERE = 이날에는 그 조직이 없습니다
UI_PATH = 경로
UI_PATHS = 조직
UI_PEOPLE_BELOW = 하위 조직 포함 직원

## Console: cycles

UI_SEVERAL_CALLED = “{ $text }” 이름이 여럿 있습니다: { $names }
NAV_CYCLES = 평가 주기
NAV_SCHEMES = 평가 체계
NAV_MEASURES = 측정값
NAV_RUNS = 귀속 계산
NAV_OBSERVATIONS = 관측값
PAGE_OUTDATED = 이 페이지를 연 뒤에 결과가 다시 계산되었습니다. 현재 결과를 확인하고 다시 보내십시오
UI_SAY_SURE = 계속하려면 이 칸을 선택하십시오
UI_VERSION = 버전
UI_INDICATORS = 지표
UI_NO_SCHEMES = 아직 평가 체계가 없습니다. 아래의 템플릿으로 시작하거나 새로 만드십시오.
UI_REFINEMENT = 표준을 세부화
UI_STANDARD = 표준
UI_STANDARD_BINDING = 표준(필수)
UI_OWN_SCHEME = 독립
UI_WITHDRAWN_FROM = { $day }부터 사용하지 않음
UI_IN_USE = 사용 중
UI_WITHDRAWN_BECAUSE = { $day }부터 사용하지 않음: { $reason }
UI_SUPERSEDED_BY = 대신 버전 { $version }을(를) 쓰십시오.
UI_NEW_SCHEME = 새 평가 체계
UI_SCHEME_TEMPLATES = 시작용 템플릿
UI_BEGIN_WITH_IT = 이것으로 시작
UI_NEW_VERSION = 새 버전
UI_REFINE_IT = 세부화
UI_WHAT_IT_IS = 내용
UI_SIDE_BY_SIDE = 버전 비교
UI_BESIDE = 비교할 버전
UI_DIFFERING =
    { $count ->
        [0] 모든 내용이 같습니다.
       *[other] { $count }행이 다르며 표시되어 있습니다.
    }
UI_DIFFERS = (다름)
UI_REFINEMENTS = 이것을 세부화한 평가 체계
UI_SCORED_BY_IT = 이것으로 평가하는 평가 주기
UI_WITHDRAW_SCHEME = 사용 종료
UI_WITHDRAW_VERSION_HINT = 비워 두면 평가 체계 전체입니다.
UI_WITHDRAW_FROM = 적용 시작일
UI_SUPERSEDED = 대신 쓸 버전
UI_SUPERSEDED_HINT = 비워 두면 없습니다.
UI_VERSION_N = 버전 { $version }
UI_NAME_VERSION = { $name }, 버전 { $version }
UI_REFINES = 세부화 대상
UI_COLLABORATION = 협업 점수를 더함
UI_COLLABORATION_POINTS = 협업 점수
UI_CURRENCY = 통화
UI_CURRENCY_HINT = CNY처럼 세 글자. 비워 두면 그룹의 통화입니다.
UI_WRITTEN_IN = 작성 지역
UI_INDICATOR_OF_TARGET = 100 중 { $weight } 반영. 목표: { $target }({ $direction }). 점수는 목표에 비례하며 최소 { $floor }, 최대 { $cap }입니다.
UI_INDICATOR_OF_GROUP = 100 중 { $weight } 반영({ $direction }). 점수: { $how }, 최소 { $floor }, 최대 { $cap }.
UI_INDICATOR_SMALL = 측정한 기록이 { $small }건보다 적으면 집단의 값 쪽으로 조정합니다.
UI_TEAM_MEDIAN = 팀 중앙값
UI_WEIGHT_BETWEEN = 세부화할 때 가중치를 { $least }에서 { $most }까지 정할 수 있습니다.
UI_WEIGHT_FIXED = 세부화해도 그대로 유지합니다.
UI_MAY_BE_LEFT_OUT = 뺄 수 있습니다.
UI_WEIGHT = 가중치
UI_TARGET = 목표
UI_TARGET_HINT = 비워 두면 팀 중앙값입니다.
UI_DIRECTION = 좋은 방향
UI_HOW_POINTS = 점수 환산 방식
UI_FLOOR_CAP = 최저·최고 점수
UI_FLOOR = 최저 점수
UI_CAP = 최고 점수
UI_SMALL_SAMPLE = 소표본 기준
UI_SMALL_SAMPLE_HINT = 기록이 이보다 적으면 값을 집단의 값 쪽으로 조정합니다. 비워 두면 조정하지 않습니다.
UI_UNIT_OF_MEASURE = 단위
UI_KEY = 짧은 이름
UI_KEY_HINT = 비워 두면 측정값에서 만듭니다.
UI_MAY_BE_REFINED = 하위 조직이 세부화할 수 있음
UI_MUST_BE_REFINED = 하위 조직은 이것을 세부화한 평가 체계만 쓸 수 있음
UI_WITHIN = 가중치 변동 폭
UI_WITHIN_HINT = 세부화할 때 올리거나 내릴 수 있는 점수입니다. 비워 두면 변경할 수 없습니다.
UI_MEASURE = 측정값
UI_INDICATOR_N = 지표 { $number }
UI_FROM_VERSION = 버전 { $version }에서 시작했습니다. 이전 버전은 그대로 유지됩니다.
UI_FROM_STANDARD = { $name } 버전 { $version }의 세부화입니다. 허용된 부분을 변경하십시오.
UI_FROM_TEMPLATE = 템플릿에서 시작했습니다. 목표를 직접 입력하십시오.
UI_FROM_NOTHING = 무엇을 얼마나 반영할지 정하십시오. 가중치의 합은 정확히 100이어야 합니다.
UI_NEW_VERSION_OF = { $name }의 새 버전
UI_SUM_WHOLE = 가중치의 합이 { $said }이므로 저장할 수 있습니다.
UI_SUM_SHORT = 가중치의 합이 100 중 { $said }입니다. { $rest } 모자랍니다.
UI_SUM_OVER = 가중치의 합이 { $said }입니다. 100보다 { $rest } 많습니다.
UI_CHECK = 확인
UI_ADD_INDICATOR = 지표 추가
UI_UNIT_OR_GROUP_HINT = 비워 두면 그룹 전체입니다.
UI_NEW_MEASURE = 새 측정값
UI_NO_MEASURES = 아직 측정값이 없습니다.
UI_NO_MEASURE = 그런 측정값이 없거나 볼 수 없는 측정값입니다
UI_MEASURES_WHAT = 측정 대상
UI_SUPPLIED = 기본 제공
UI_RETIRED = 사용 종료
UI_RETIRED_BECAUSE = { $at }: { $reason }
UI_REVISION = 개정
UI_RETIRE = 사용 종료
UI_RETIRE_SAID = 이후 평가 체계의 새 버전에서는 쓸 수 없습니다. 이미 있는 버전은 사본을 그대로 유지합니다.
UI_CHANGE_IT = 변경
UI_MEASURE_OTHER_KIND = 이 측정값의 구성은 API로 변경합니다. 여기서는 이름, 단위, 방향을 변경할 수 있습니다.
UI_TITLE_EN = 영어 이름
UI_TITLE_ZH = 중국어 이름
UI_MEASURE_KEY_HINT = 평가 체계에서 쓰는 이름입니다(예: quality_check). 바꿀 수 없습니다.
UI_MIN_COUNT = 최소 건수
UI_MIN_COUNT_HINT = 이보다 적으면 측정하지 않은 것으로 봅니다. 비워 두면 기준이 없습니다.
UI_OF_RECORDS = 기록에서
UI_OF_OBSERVATIONS = 관측값에서
UI_OF_RATIO = 두 측정값의 비
UI_OBSERVED_OF = 관측 대상
UI_AGGREGATION = 값을 하나로 만드는 방법
UI_RECORD_VALUE = 기록의 값
UI_RECORD_VALUE_HINT = first_reply_seconds, duration_seconds, resolved, rating, amount 또는 직접 추가한 열. 기록 수를 셀 때는 비워 두십시오.
UI_TEST = 충족 조건
UI_TEST_VALUE = 기준값
UI_RECORD_KINDS = 기록 유형
UI_LIST_HINT = 여러 개는 쉼표로 구분합니다. 비워 두면 모두입니다.
UI_RATIO_OF = 나뉘는 값
UI_RATIO_PER = 나누는 값
UI_IN_PERCENT = 백분율로
UI_NEW_CYCLE = 새 평가 주기
UI_NO_CYCLES = 조회할 수 있는 범위에 아직 평가 주기가 없습니다. 한 달의 평가 주기를 만들고 기록이 들어오면 마감하십시오.
UI_PERIOD = 기간
UI_SCHEME = 평가 체계
UI_PEOPLE_IN = 평가표가 있는 직원
UI_PUBLISHED_AT = 공개 시각
UI_CORRECTION_OF = { $name }의 정정
UI_MAKE_CYCLE = 평가 주기 만들기
UI_POPULATION = 대상자
UI_POPULATION_SAID = 비워 두면 조직과 하위 조직의 모든 직원입니다.
UI_POSITIONS = 직책
UI_GRADES = 직급
UI_INCLUDE = 추가 대상
UI_EXCLUDE = 제외 대상
UI_PEOPLE_HINT = 사번을 쉼표로 구분하거나 한 줄에 하나씩 쓰십시오.
UI_AS_OF_DAY = 고용 기준일
UI_AS_OF_DAY_HINT = 비워 두면 기간의 마지막 날입니다.
UI_PREVIEW_POPULATION = 대상자 미리 보기
UI_IS_IN = 대상
UI_IS_OUT = 대상 아님
UI_WHY = 이유
UI_EVERYBODY_OF_UNIT = 조직과 하위 조직의 모든 직원
UI_RUN = 귀속 계산
UI_OPEN_RUN = 귀속 계산 열기
UI_CORRECTS = 정정 대상
UI_OPEN_CORRECTED = 공개된 결과 열기
UI_RESULT_VERSION = 결과 버전
UI_STEP_MADE = 만들어짐
UI_STEP_TO_CLOSE = 기록이 들어오면 마감
UI_STEP_CLOSING = 마감 중: 기록을 귀속하고 평가표의 점수를 매김
UI_STEP_FAILED = 마감하지 못함
UI_STEP_CLOSED = 마감됨: 모든 평가표의 점수를 매김
UI_STEP_REVIEW = 검토 후 공개 예정
UI_STEP_PUBLISHED = 공개됨: 모두 결과를 알 수 있음
UI_PROGRESS = 진행 상황
UI_LOOK_AGAIN = 새로 고침
UI_DONE_OF = { $done } / { $total }
UI_WAITS_FOR_WORKER = 순서를 기다리는 중
UI_CLOSE_CYCLE = 평가 주기 마감
UI_CLOSE_AGAIN = 다시 마감
UI_CANCEL_CLOSING = 마감 중지
UI_CANCEL_CORRECTION = 정정 폐기
UI_CANCEL_SAID = 계산한 것은 폐기되며 다른 것은 바뀌지 않습니다.
UI_CORRECT_CYCLE = 결과 정정
UI_CORRECT_SAID = 공개된 결과와 별도로 현재의 사실에 따라 다시 계산합니다. 공개하기 전에는 아무도 알 수 없습니다.
UI_CORRECT_REASON_HINT = 평가표가 있는 모든 직원이 읽습니다.
UI_SCHEME_VERSION = 평가 체계 버전
UI_SCHEME_VERSION_HINT = 비워 두면 사용했던 버전입니다.
UI_PUBLISH_RESULT = 결과 공개
UI_PUBLISH_SURE = 예, 모두 알아도 됩니다
UI_PUBLISH_SAID = 평가표가 있는 모든 직원이 보게 되며 급여는 이 결과를 씁니다. 공개된 결과는 바뀌지 않으며 다음 버전으로만 정정할 수 있습니다.
UI_PUBLISH_NOT_YOURS = 여기서는 다른 사람이 공개합니다.
UI_PUBLISHED_ALREADY = 이미 공개된 결과입니다. 중복 처리된 것은 없습니다.
UI_PUBLISH_NOTHING_YET = 아직 공개할 결과가 없습니다. 먼저 평가 주기를 마감하십시오.
UI_BACK_TO_CYCLE = 평가 주기로 돌아가기
UI_REVIEW = 결과
UI_RECORDS = 기록
UI_CREDITED = 귀속됨
UI_UNATTRIBUTED = 귀속되지 않음
UI_CREDITED_WITHIN = 평가 주기 대상자에게 귀속
UI_CREDITED_OUTSIDE = 다른 { $people }명에게 { $records }건
UI_CORRECTED_PEOPLE = 평가표가 달라진 직원
UI_HOW_CREDITED = 기록의 귀속 방식
UI_DISTRIBUTION = 점수 분포
UI_SCORE_BETWEEN = { $from } 이상 { $to } 미만
UI_PEOPLE_COUNT = { $count }명
UI_PEOPLE_HERE = 이 조직 소속 직원
UI_PEOPLE_OF = { $count }명, 이 조직 { $own }명
UI_PERSON_OR_SEAT = 직원 또는 좌석
UI_PERSON_OR_SEAT_HINT = 직원이나 좌석을 입력하십시오.
UI_PHASE = 사용 방식
UI_PHASES = 날짜별 사용 방식
UI_PHASE_HINT = 공용: 여러 명이 한 이름으로 씀. 실명: 기록마다 상담원이 표시됨. 혼합: 실명으로 가는 중.
UI_PLATFORM = 플랫폼
UI_POST = 유형
UI_PUNCH = 출퇴근 체크
UI_REJECT = 반려
UI_REJECTED = 반려됨
UI_REPORTS = 이 직원에게 보고하는 직원
UI_REPORTS_TO = 보고 대상
UI_RESULTS = 결과
UI_SEAT = 좌석
UI_SEAT_HINT = 근무표에서 쓰는 이름입니다. 이 좌석에 배정된 사람이 기기에서 일합니다.
UI_SEAT_UNIT = 좌석이 있는 조직
UI_SHIFT = 근무 일정
UI_SOME_HIDDEN = 일부는 볼 수 없습니다. 귀하의 권한 부여로는 열리지 않습니다.
UI_STORE = 매장
UI_TEAM = 팀
UI_TEAM_HINT = 계정을 맡은 팀입니다. 비워 두면 그룹 전체의 것입니다.
UI_TICK_SURE = 먼저 이 칸을 선택하십시오
UI_TITLE = 표시 이름
UI_TODAY = 오늘
UI_TOUCHES = 영향을 받는 것
UI_TOUCHES_SAID = 아직 기록한 것은 없습니다. 예상되는 결과입니다.
UI_TO_TIME = 종료
UI_UNITS_BELOW = 하위 조직
UI_UNIT_CLOSE = 조직 폐지
UI_UNIT_CLOSE_SAID = 그때 하위 조직이 없어야 합니다. 직원과 계정은 지정한 곳으로 옮겨지며 과거는 그대로 유지됩니다.
UI_UNIT_KIND_HINT = 비워 두면 최상위는 지사, 그 아래는 팀입니다.
UI_UNIT_MERGE = 다른 조직으로 통합
UI_UNIT_MERGE_SAID = 하위 조직, 직원, 계정이 다른 조직으로 옮겨지고 이 조직은 폐지됩니다.
UI_UNIT_MOVE = 다른 조직의 하위로 이동
UI_UNIT_MOVE_SAID = 이날부터 모든 하위 조직과 함께 이동합니다. 과거에는 이전 위치가 남습니다. 같은 지역 안에서만 할 수 있습니다.
UI_UNIT_NOT_ON_DAY = 이날에는 이 조직이 없습니다. 마지막 상태 또는 시작할 때의 상태로 표시됩니다.
UI_UNIT_REGION_HINT = 최상위 지사에만 씁니다. 하위 조직은 지사의 지역을 따릅니다.
UI_UNIT_RENAME = 조직 이름 변경
UI_UNIT_RENAME_SAID = 이날부터 적용되며 과거에는 이전 이름이 남습니다.
UI_UNTIL = { $to }까지
UI_WENT_INTO = { $unit } 조직으로 통합됨
UI_WHAT = 내용
UI_WHOLE_NUMBER = 정수
UI_WHOSE = 사용자
UI_WHO_USED_WHAT = 기기 사용 내역
UI_WHY_HIDDEN = 사유를 볼 수 없음
UI_WHY_NOT_SAID = 사유 없음
UI_WITHDRAW = 철회
UI_WITHDRAWN = 철회됨
UI_YOU = 본인
UI_ZONE_HINT = 비워 두면 그룹의 시간대입니다.
DONE_PERSON_ADDED = 직원을 추가했습니다
DONE_PERSON_CHANGED = 변경을 저장했습니다
DONE_ORG_CHANGED = 조직도를 변경했습니다
DONE_ACCOUNT_ADDED = 계정을 추가했습니다
DONE_PHASE_ADDED = 변경을 저장했습니다
DONE_ALIAS_CHANGED = 별칭을 저장했습니다
DONE_DEVICE_CHANGED = 기기를 저장했습니다
DONE_SITE_ADDED = 근무지를 추가했습니다
DONE_ENTRY_ADDED = 항목을 저장했습니다
DONE_CORRECTION_APPROVED = 승인했습니다. 지금부터 인정됩니다
DONE_CORRECTION_REJECTED = 반려했습니다
DONE_CORRECTION_WITHDRAWN = 철회했습니다
WORD_POST_HOME = 주 고용
WORD_POST_CONCURRENT = 겸직
WORD_POST_SECONDMENT = 파견
WORD_EMPLOYMENT_REASON_HIRE = 입사
WORD_EMPLOYMENT_REASON_REHIRE = 재입사
WORD_EMPLOYMENT_REASON_TRANSFER = 이동
WORD_EMPLOYMENT_REASON_PROMOTION = 승진
WORD_EMPLOYMENT_REASON_SECONDMENT = 파견
WORD_EMPLOYMENT_REASON_CONCURRENT_POST = 겸직
WORD_EMPLOYMENT_REASON_REORGANISATION = 조직 개편
WORD_LEAVE_KIND_SICK = 병가
WORD_LEAVE_KIND_WORK_INJURY = 산재 휴가
WORD_LEAVE_KIND_MATERNITY = 출산 휴가
WORD_LEAVE_KIND_PARENTAL = 육아 휴직
WORD_LEAVE_KIND_CARE = 가족 돌봄 휴가
WORD_LEAVE_KIND_UNPAID = 무급 휴가(본인 희망)
WORD_LEAVE_KIND_OTHER = 기타
UI_MOVERS = 변동이 큰 직원
UI_AGAINST = { $name } 대비
UI_NOBODY_MOVED = 점수가 달라진 사람이 없습니다.
UI_SCORE_RANK = { $score }점, { $rank }위
UI_NOW = 현재
UI_DROPPED = 반영되지 않은 지표
UI_FINDINGS = 점검 사항
UI_FINDINGS_ALL =
    { $count ->
        [0] 이상한 점이 없습니다.
       *[other] 점검 사항 { $count }건.
    }
UI_FINDINGS_MORE = 처음 { $count }건의 점검 사항이며 더 있습니다.
UI_FINDINGS_FIRST = 처음의 점검 사항
UI_CARDS = 평가표
UI_NO_CARDS = 볼 수 있는 평가표가 없습니다.
UI_RANK = 순위
UI_SCORE = 점수
UI_CREDITED_RECORDS = 귀속 기록
UI_COMPARE_CARDS = 평가표 비교
UI_WITH_PERSON = 비교할 직원
UI_CHOOSE_PEOPLE = 위에서 직원을 선택하면 평가표를 나란히 보여 줍니다.
UI_CHANGED_SINCE = 계산 이후의 변경
UI_NOTHING_CHANGED = 없음: 다시 마감해도 결과가 같습니다.
UI_CHANGED_ACCOUNTS = 계정 { $accounts }개에 달라진 것이 있습니다.
UI_CHANGED_OBSERVATIONS = 관측값 { $observations }건이 들어오거나 바뀌었습니다.
UI_CHANGED_OTHERS = 볼 수 없는 계정 { $others }개도 있습니다.
UI_CHANGED_RATE = { $from }에서 { $to }(으)로의 환율이 달라졌습니다.
UI_CHANGES_REMOVED = { $day }보다 오래된 것은 보존 기간이 지나 삭제되었을 수 있으며 결과의 차이로 보지 않습니다.
UI_CHANGED_ON_ACCOUNT = 기록 변경: { $records }; 근무가 달라진 날: { $days }
UI_CARD = 평가표
UI_OF_CARDS = / { $of }
UI_OUTSIDE_OWN = 그중 { $records }건은 자신의 근무표나 팀 밖의 것
UI_POINTS_BY_INDICATOR = 지표별 점수
UI_STEP_BY_STEP = 단계별 계산
UI_VALUE = 값
UI_ADJUSTED = 소표본 조정 후
UI_POINTS = 점수
UI_WEIGHTED = 가중 점수
UI_MEASURED_ON = 측정한 기록
UI_CARD_VERSIONS = 이 평가표의 버전
UI_VERSIONS_BESIDE = 평가표 버전 비교
UI_NO_CARD_THEN = 평가표 없음
UI_NOT_PUBLISHED_YET = 아직 공개되지 않은 결과입니다. 검토하는 사람만 봅니다.
UI_OPEN_PERSON = 직원 열기
UI_DIGEST = 입력 다이제스트
UI_NEW_RUN = 귀속 계산 시작
UI_NO_RUNS = 아직 귀속 계산이 없습니다. 평가 주기를 마감하면 시작되며, 점수를 매기기 전에 이 페이지에서 시작할 수도 있습니다.
UI_STARTED = 시작 시각
UI_CYCLE = 평가 주기
UI_RULES = 규칙
UI_PEOPLE_CREDITED = 귀속된 직원
UI_ACCOUNTS = 계정
UI_TOTALS = 직원별 합계
UI_AT_LEAST = 최소
UI_AT_MOST = 최대
UI_NAMED_SHARE = 그중 확실한 것
UI_CANCEL_RUN = 귀속 계산 중지
UI_START_RUN = 시작
UI_RUN_SAID = 며칠 동안의 기록을 귀속하여 평가 주기를 마감하기 전에 이상한 점을 바로잡을 수 있게 합니다. 점수는 매기지 않습니다.
UI_NO_OBSERVATIONS = 관측값이 없습니다. 관측값은 가져오기나 다른 시스템의 API로 들어옵니다.
UI_NO_OBSERVATION = 그 관측값은 더 이상 없습니다
UI_SOURCE = 출처
UI_CAME_AT = 들어온 시각
UI_COUNTS = 반영
UI_WITH_VERSIONS = 더는 반영되지 않는 것도
UI_WITHDRAW_OBSERVATION = 관측값 철회
UI_WITHDRAW_SAID = 더는 반영되지 않습니다. 버전은 사유와 함께 계속 볼 수 있습니다.
WORD_CYCLE_STATE_OPEN = 진행 중
WORD_CYCLE_STATE_CLOSING = 마감 중
WORD_CYCLE_STATE_REVIEWABLE = 검토 대기
WORD_CYCLE_STATE_PUBLISHED = 공개됨
WORD_CYCLE_STATE_FAILED = 실패
WORD_ATTRIBUTION_RUN_STATE_RUNNING = 실행 중
WORD_ATTRIBUTION_RUN_STATE_DONE = 완료
WORD_ATTRIBUTION_RUN_STATE_FAILED = 실패
WORD_ATTRIBUTION_RUN_STATE_CANCELLED = 중지됨
WORD_NORMALISATION_TARGET_PIECEWISE = 목표에 비례
WORD_NORMALISATION_MIN_MAX = 집단의 최솟값과 최댓값 사이
WORD_NORMALISATION_PERCENTILE = 집단에서 같거나 낮은 비율
WORD_NORMALISATION_T_SCORE = 집단 평균과의 거리(T 점수)
WORD_DIRECTION_HIGHER = 클수록 좋음
WORD_DIRECTION_LOWER = 작을수록 좋음
WORD_REFINEMENT_STATE_UP_TO_DATE = 최신
WORD_REFINEMENT_STATE_BEHIND_BUT_FITS = 이전 버전이지만 부합함
WORD_REFINEMENT_STATE_MUST_FOLLOW = 새 버전을 따라야 함
WORD_REFINEMENT_STATE_PARENT_WITHDRAWN = 표준의 사용이 종료됨
WORD_POPULATION_REASON_FITS = 모든 조건에 맞음
WORD_POPULATION_REASON_NAMED_IN = 추가 대상으로 지정됨
WORD_POPULATION_REASON_NAMED_OUT = 제외 대상으로 지정됨
WORD_POPULATION_REASON_NOT_EMPLOYED = 기간에 재직 중이 아님
WORD_POPULATION_REASON_OTHER_UNIT = 기준일에 다른 조직
WORD_POPULATION_REASON_OTHER_POSITION = 기준일에 다른 직책
WORD_POPULATION_REASON_OTHER_GRADE = 기준일에 다른 직급
WORD_POPULATION_REASON_OTHER_EMPLOYMENT_KIND = 기준일에 다른 고용 형태
WORD_POPULATION_REASON_EMPLOYMENT_KIND_NOT_SAID = 고용 형태가 지정되지 않음
WORD_DROP_REASON_NOBODY_HAS_DATA = 데이터가 있는 사람이 없음
WORD_DROP_REASON_NO_DATA_OF_PERSON = 이 직원의 데이터 없음
WORD_DROP_REASON_NO_TARGET = 중앙값이 0보다 크지 않아 목표가 없음
WORD_DROP_REASON_TOO_LARGE = 수가 너무 커서 계산할 수 없음
WORD_DROP_REASON_TOO_LARGE_ELSEWHERE = 다른 사람의 수가 너무 커서 계산할 수 없음
WORD_DROP_REASON_NO_PAST = 비교할 이전 값이 없음
WORD_PERSON_CHANGE_KIND_EMPLOYMENT = 조직 또는 고용 날짜가 달라짐
WORD_PERSON_CHANGE_KIND_CAME_IN = 새로 대상이 됨
WORD_PERSON_CHANGE_KIND_WENT_OUT = 대상에서 빠짐
WORD_PERSON_CHANGE_KIND_PAST = 이전 평가 주기의 값이 달라짐
WORD_OBSERVATION_END_REVISED = 수정됨
WORD_OBSERVATION_END_WITHDRAWN = 철회됨
WORD_EMPLOYMENT_KIND_FULL_TIME = 전일제
WORD_EMPLOYMENT_KIND_PART_TIME = 시간제
WORD_EMPLOYMENT_KIND_FIXED_TERM = 기간제
WORD_EMPLOYMENT_KIND_INTERN = 인턴
WORD_EMPLOYMENT_KIND_AGENCY = 파견 근로
WORD_EMPLOYMENT_KIND_OUTSOURCED = 외주
WORD_EMPLOYMENT_KIND_FREELANCE = 프리랜서
WORD_ORG_UNIT_KIND_UNSPECIFIED = 조직
WORD_ORG_UNIT_KIND_GROUP = 그룹
WORD_ORG_UNIT_KIND_LEGAL_ENTITY = 법인
WORD_ORG_UNIT_KIND_BRANCH = 지사
WORD_ORG_UNIT_KIND_DEPARTMENT = 부서
WORD_ORG_UNIT_KIND_TEAM = 팀
WORD_REPORTING_LINE_KIND_UNSPECIFIED = 보고 라인
WORD_REPORTING_LINE_KIND_SOLID = 실선: 직속 상사
WORD_REPORTING_LINE_KIND_DOTTED = 점선: 추가 상사
WORD_CATALOGUE_KIND_UNSPECIFIED = 항목
WORD_CATALOGUE_KIND_POSITION = 직책
WORD_CATALOGUE_KIND_GRADE = 직급
WORD_PHASE_KIND_UNSPECIFIED = 지정하지 않음
WORD_PHASE_KIND_SHARED = 공용
WORD_PHASE_KIND_MIXED = 혼합
WORD_PHASE_KIND_NAMED = 실명
WORD_FACT_STATE_UNSPECIFIED = 인정
WORD_FACT_STATE_COUNTS = 인정
WORD_FACT_STATE_VOIDED = 무효
WORD_FACT_STATE_MOVED = 대체됨
WORD_CORRECTION_ACTION_UNSPECIFIED = 바로잡기
WORD_CORRECTION_ACTION_ADD = 빠진 것 추가
WORD_CORRECTION_ACTION_VOID = 없었던 일
WORD_CORRECTION_ACTION_MOVE = 다르게 일어난 일
WORD_CORRECTION_ACTION_CHANGE = 지금부터 다른 것으로
WORD_CORRECTION_ACTION_CANCEL = 근무표에서 제외
WORD_CORRECTION_ACTION_END = 종료
WORD_CORRECTION_STATE_UNSPECIFIED = 확인만 함

## Console: mine

NAV_TODAY = 오늘
NAV_MONTH = 나의 한 달
NAV_MY_PAY = 내 급여
NAV_FACTS = 내 근태
UI_MINE_ZONE = { $zone } 시간 기준입니다.
UI_MINE_ZONE_OTHER = 선택한 { $zone } 시간으로 표시합니다. 근무지는 { $site }이며 날짜는 그곳의 날짜입니다.
UI_MINE_LASTS = { $hours }시간 { $minutes }분
UI_MINE_LASTS_COLUMN = 근무 시간
UI_MINE_ACCOUNT = 계정 … { $code }
UI_MINE_ACCOUNT_COLUMN = 계정
UI_MINE_FREE = 오늘은 근무 일정이 없습니다
UI_MINE_AHEAD = 근무 일정은 { $at }에 시작합니다
UI_MINE_LATE = 근무 일정이 { $at }에 시작했는데 출근 체크를 하지 않았습니다
UI_MINE_ABSENT = 근무 일정이 있었지만 출퇴근 체크 없음
UI_MINE_IN = { $at }부터 출근 상태
UI_MINE_MISSING = 출퇴근 체크가 빠져 있습니다
UI_MINE_WAS = { $lasts } 근무함
UI_MINE_DAY_FREE = 휴무
UI_MINE_DAY_AHEAD = 예정
UI_MINE_DAY_LATE = 아직 출근 전
UI_MINE_DAY_ABSENT = 체크 없음: 바로잡기
UI_MINE_DAY_IN = 출근 상태
UI_MINE_DAY_MISSING = 체크 누락: 바로잡기
UI_MINE_DAY_WAS = 완료
UI_MINE_COME = 출근 체크
UI_MINE_LEAVE = 퇴근 체크
UI_MINE_SHIFT = 근무 일정
UI_MINE_NO_SHIFT = 이날은 근무 일정이 없습니다.
UI_MINE_SEAT = 좌석
UI_MINE_PUNCHES = 출퇴근 체크
UI_MINE_NO_PUNCHES = 이날은 아직 출퇴근 체크가 없습니다.
UI_MINE_TO_FACTS = 모든 날짜와 정정
UI_MINE_ACCOUNTS = 계정
UI_MINE_NO_ACCOUNTS = 배정된 계정이 없습니다. 맡은 계정이 있으면 슈퍼바이저에게 문의하십시오.
UI_MINE_TAKE = 인수
UI_MINE_RELEASE = 인계
UI_MINE_HELD_BY_ME = { $at }부터 본인이 점유
UI_MINE_HELD_BY = { $at }부터 { $name } 님이 점유
UI_MINE_HELD_BY_OTHER = { $at }부터 다른 사람이 점유
UI_MINE_HELD_BY_NOBODY = 볼 수 있는 사람 중에는 점유한 사람 없음
UI_MINE_DRIFT = 기기의 시계가 { $minutes }분 어긋나 있습니다. 출퇴근 체크는 시스템 시각으로 인정되며 기기의 시각도 함께 보관됩니다.
UI_MINE_DROPPED = 인정되지 않음
UI_MINE_ADDED = 정정으로 추가
UI_MINE_MOVE = 바로잡기
UI_MINE_VOID = 없었던 일
UI_MINE_OTHERS_PUNCH = 이 기기에서 다른 사람이 한 출퇴근 체크입니다. 보내려면 그 사람이 로그인해야 합니다
UI_MINE_LATE_REASON = { $at }에 네트워크 없이 체크함
UI_MINE_LATE_ASKED = { $recorded }에 기록되었습니다. 누른 시각({ $at })으로 인정되려면 승인이 필요하며 승인을 기다리고 있습니다.
UI_MINE_LATE_NOT_ASKED = { $recorded }에 기록되었습니다. 누른 시각은 { $at }이지만 그 시각으로 요청하지 못했습니다({ $why }). 내 근태에서 바로잡으십시오.
UI_QUEUE = 네트워크 없이 한 출퇴근 체크
UI_QUEUE_WAITING = 네트워크를 기다리는 중이며 연결되면 자동으로 보냅니다
UI_QUEUE_RECORDED = 기록됨
UI_QUEUE_REFUSED = 거절됨
UI_OFFLINE = 네트워크 없음
UI_OFFLINE_SAID = 그래도 출퇴근 체크를 할 수 있습니다. 기기가 체크와 시각을 보관했다가 네트워크가 연결되면 보냅니다.
UI_OFFLINE_SCRIPTS = 네트워크 없이 출퇴근 체크를 하려면 스크립트가 필요한데 이 브라우저에서는 실행되지 않습니다.
UI_MINE_CYCLES = 평가 주기
UI_MINE_SCORE = 점수
UI_MINE_PLACE = 순위
UI_MINE_RANK = { $of }명 중 { $rank }위
UI_MINE_GAP = 목표까지 남은 점수
UI_MINE_GAP_SAID = 목표에 미달한 지표에서 모자란 점수의 합계
UI_MINE_COLLABORATION = 협업
UI_MINE_STEPS = 점수의 단계별 계산
UI_MINE_OF_WEIGHT = { $points } / { $weight }
UI_MINE_IN_WORDS = 단계별 설명
UI_MINE_HELPS = 가장 도움이 되는 것
UI_MINE_HELPS_NOTHING = 모든 지표가 목표에 이르렀습니다.
UI_MINE_LACKS = 모자란 점수:
UI_MINE_TOTALS = 귀속 기록
UI_MINE_INTERVAL = 표시점은 귀속된 양이며, 실제로 처리한 양은 90 % 확률로 막대 안에 있습니다.
UI_MINE_ALL_ACCOUNTS = 모든 계정
UI_MINE_HOW_SURE = 확실한 정도
UI_MINE_TO_RECORDS = 기록별 내역과 이유
UI_MINE_RECORDS = 기록
UI_MINE_RECORD = 기록
UI_MINE_BEGAN = 시작
UI_MINE_SHARE = 내 비율
UI_MINE_OTHERS = 다른 사람
UI_MINE_NO_RECORDS = 여기에는 귀하에게 귀속된 기록이 없습니다.
UI_MINE_WHY = 이유
UI_MINE_HIDDEN = *** 표시는 볼 수 없는 사람입니다.
UI_MINE_VERSIONS = 버전
UI_MINE_VERSION = 버전 { $number }: 점수 { $score }
UI_MINE_NO_VERSIONS = 이 평가표는 아직 공개되지 않았습니다.
UI_MINE_DRAFT = 검토 중인 평가 주기입니다. 공개될 때까지 점수가 바뀔 수 있습니다.
UI_MINE_NO_CARD = 아직 평가표가 없습니다. 귀하가 대상인 평가 주기가 공개되면 표시됩니다.
UI_MINE_STATEMENT = 명세서
UI_MINE_STATEMENTS = 명세서
UI_MINE_NO_STATEMENTS = 아직 명세서가 없습니다. 공개된 평가 주기로 정산하면 표시됩니다.
UI_MINE_EQUAL = 똑같이 나누었을 때
UI_MINE_LINES = 금액의 구성
UI_MINE_NO_LINES = 이 명세서는 조정 금액만 지급합니다.
UI_MINE_ADJUSTMENTS = 이전 명세서의 정정
UI_MINE_DELTAS = 정정된 금액
UI_MINE_LEFT = 아직 정산할 금액:
UI_MINE_LEFT_NEXT = 다음 명세서로 넘기는 금액:
UI_MINE_BEHIND = 점수의 근거는 기록 { $total }건이며 그중 { $count }건이 표시됩니다.
UI_MINE_NO_DAYS = 이 달에는 출퇴근 체크와 근무 일정이 없습니다.
UI_MINE_FINDINGS = 나에 대한 점검 사항
UI_MINE_NO_FINDINGS = 없음: 출퇴근 체크와 기록이 서로 맞습니다.
UI_MINE_ADVICE = 조치 안내:
UI_MINE_FIX = 바로잡기 요청
UI_MINE_CORRECTIONS = 정정
UI_MINE_NO_CORRECTIONS = 요청한 정정이 없습니다.
UI_MINE_WITHDRAW = 철회
UI_MINE_HANDOVERS = 인수인계
UI_MINE_NO_HANDOVERS = 이 달에는 계정을 인수하거나 인계하지 않았습니다.
UI_MINE_ADD = 출퇴근 체크 추가
UI_MINE_MOVE_TITLE = 출퇴근 체크 바로잡기
UI_MINE_VOID_TITLE = 없었던 출퇴근 체크
UI_MINE_IT_WAS = 기록 내용: { $kind }, { $at }
UI_MINE_RIGHT_SAID = 다른 사람이 승인하며 그때까지는 모두 그대로입니다. 기록된 것은 지워지지 않습니다.
UI_MINE_WHEN = 실제 시각
UI_MINE_KIND = 출근 또는 퇴근
UI_MINE_ASK = 요청
WORD_PUNCH_KIND_IN = 출근
WORD_PUNCH_KIND_OUT = 퇴근
WORD_PUNCH_VERDICT_ACCEPTED = 정상
WORD_PUNCH_VERDICT_DOUBLE_IN = 이미 출근 상태였습니다. 여기서 새로 시작합니다
WORD_PUNCH_VERDICT_OUT_WITHOUT_IN = 출근 없는 퇴근
WORD_PUNCH_VERDICT_OFF_ROSTER = 이 시각에 근무 일정 없음
WORD_HANDOVER_KIND_TAKE = 인수
WORD_HANDOVER_KIND_RELEASE = 인계
WORD_CORRECTION_STATE_WAITING = 승인 대기
WORD_CORRECTION_STATE_APPROVED = 승인됨
WORD_CORRECTION_STATE_MADE = 적용됨
WORD_CORRECTION_STATE_REJECTED = 반려됨
WORD_CORRECTION_STATE_WITHDRAWN = 철회됨
WORD_PUNCH_KIND_UNSPECIFIED = 출퇴근 체크
WORD_HANDOVER_KIND_UNSPECIFIED = 인수인계
UI_DIALOGUES_AT_ONCE = 동시 대화 { $count }개

## Console: team

NAV_TEAM_MONTH = 팀의 한 달
NAV_TEAM_ACCOUNTS = 계정 타임라인
NAV_FINDINGS = 점검 사항
NAV_HANDOVERS = 인수인계
NAV_ROSTER = 근무표
UI_TEAM_ABOUT = 대상
UI_TEAM_ACCOUNT = 계정
UI_TEAM_ACCOUNTS_SAID = 계정을 선택하면 누가 점유했는지, 무엇이 들어왔는지, 누구의 것인지 볼 수 있습니다.
UI_TEAM_ASK_TO_PUT_RIGHT = 바로잡기 요청
UI_TEAM_BEGAN = 시작
UI_TEAM_BROUGHT_BY = 이것을 추가한 정정
UI_TEAM_BY_ACCOUNTS = 계정별
UI_TEAM_BY_PEOPLE = 직원별
UI_TEAM_BY_WHAT = 직원 또는 계정
UI_TEAM_CANCEL_SHIFT = 근무 일정 취소
UI_TEAM_CERTAIN = 확실함
UI_TEAM_CERTAIN_SAID = 실명, 담당 등록, 점유 또는 단독 근무
UI_TEAM_CHANGE_SHIFT = 근무 일정 변경
UI_TEAM_COLLABORATION = 협업
UI_TEAM_COMPARED_WITH = { $before } 대비
UI_TEAM_CORRECTIONS_WAIT = 인수인계 정정 { $count }건이 승인을 기다리고 있습니다
UI_TEAM_CORRECTION_NOT_YOURS = 볼 수 있지만 바로잡기를 요청할 수는 없습니다.
UI_TEAM_CORRECTION_WAITS = 이에 대한 정정이 승인을 기다리고 있습니다.
UI_TEAM_COUNTS_NO_MORE = 더는 인정되지 않으므로 여기서 바로잡을 것이 없습니다.
UI_TEAM_COUNTS_NO_MORE_BY = 인정되지 않게 한 정정
UI_TEAM_COUNTS_PUT_RIGHT = 바로잡음
UI_TEAM_CREDITED_TO_NOBODY = 이 날짜의 기록 { $count }건이 누구에게도 귀속되지 않았습니다.
UI_TEAM_CREDITS_OF = 귀속 기준
UI_TEAM_CUSTOMER = 고객
UI_TEAM_CYCLE = 평가 주기
UI_TEAM_DAYS = { $count }일
UI_TEAM_DAYS_SHOWN = 표시할 날짜
UI_TEAM_DAYS_TOO_MANY = 한 번에 최대 { $limit }일입니다
UI_TEAM_DAY_DRAWN =
    { $day }: 기록 { $records }건, { $gaps ->
        [0] 하루 종일 근무자 있음
       *[other] 근무자 없는 구간 { $gaps }개
    }.
UI_TEAM_DEVICE = 기기
UI_TEAM_DUTY_AS_TABLE = 근무 표로 보기
UI_TEAM_EARLIER_VERSIONS = 이전 버전
UI_TEAM_ENDED = 종료
UI_TEAM_END_HINT = 시작보다 늦지 않으면 다음 날 끝납니다.
UI_TEAM_EVIDENCE = 근거
UI_TEAM_FINDINGS_OF = 점검 기준
UI_TEAM_FIRST_DAY = 첫날
UI_TEAM_FIRST_REPLY = 첫 답변
UI_TEAM_FIX = 바로잡을 수 있음
UI_TEAM_FIXABLE = 이 중 { $count }건은 여기서 바로잡을 수 있습니다. 열어서 무엇을 하게 되는지 확인하십시오.
UI_TEAM_FIX_ALIAS = { $platform } 플랫폼의 “{ $alias }” 별칭이 { $person } 님을 뜻하게 됩니다.
UI_TEAM_FIX_AT_ONCE = 바로 인정됩니다.
UI_TEAM_FIX_CLOSE = 평가 주기를 다시 마감합니다.
UI_TEAM_FIX_HANDOVER = { $person } 님의 { $account } 계정 인수인계를 추가합니다: { $kind }, { $at }.
UI_TEAM_FIX_MOVE = 기록 { $record } 건을 { $from } 계정에서 { $to } 계정으로 옮깁니다.
UI_TEAM_FIX_NONE = 알려진 내용만으로는 바로잡는 방법을 알 수 없습니다. 그때 있던 사람이 알려 주어야 합니다. 무엇을 해야 하는지는 위의 조치 안내에 있습니다.
UI_TEAM_FIX_NOT_YOURS = 더 많은 권한이 있는 사람이 바로잡을 수 있습니다.
UI_TEAM_FIX_OTHER = { $call } 호출을 실행합니다.
UI_TEAM_FIX_PUNCH = { $person } 님의 출퇴근 체크를 추가합니다: { $kind }, { $at }.
UI_TEAM_FIX_THERE = 바로잡을 수 있음
UI_TEAM_FIX_WAITS = 다른 사람이 승인해야 인정됩니다.
UI_TEAM_FORGOTTEN_HANDOVER = 빠진 인수인계 추가
UI_TEAM_MONDAY = 월
UI_TEAM_TUESDAY = 화
UI_TEAM_WEDNESDAY = 수
UI_TEAM_THURSDAY = 목
UI_TEAM_FRIDAY = 금
UI_TEAM_SATURDAY = 토
UI_TEAM_SUNDAY = 일
UI_TEAM_FROM = 시작
UI_TEAM_GAP_AT = 근무자 없음 { $gaps }
UI_TEAM_GAP_BUSY = 근무자가 없는데 기록이 들어옴
UI_TEAM_HANDOVER = 인수인계
UI_TEAM_HOW_KNOWN = 판단 근거
UI_TEAM_HOW_SURE = 확실한 정도
UI_TEAM_HOW_THE_SCORE_CAME = 점수 산출 과정
UI_TEAM_INDICATOR = 지표
UI_TEAM_KIND = 유형
UI_TEAM_LAST_DAY = 마지막 날
UI_TEAM_LAST_DAY_HINT = 비워 두면 첫날만입니다.
UI_TEAM_LEGEND = 읽는 방법
UI_TEAM_LEGEND_SAID = 각 기록은 귀속된 사람의 색으로 칠해지며, 높이는 비율이고 비율이 작을수록 옅습니다. 글자는 비율이 가장 큰 사람의 것이며 이름은 각 줄에 있습니다. 동그라미는 출퇴근 체크와 인수인계입니다. 채워진 것은 출근과 인수, 빈 것은 퇴근과 인계입니다.
UI_TEAM_LOOK_AT_IT = 보기
UI_TEAM_MOVED = 점수 변동
UI_TEAM_MOVE_HINT = 다른 시각에 일어난 경우에만 읽습니다.
UI_TEAM_NAMED = 표시된 상담원
UI_TEAM_NOBODY = 없음
UI_TEAM_NOBODY_ON_DUTY = 근무자 없음
UI_TEAM_NOTHING_ODD = 이 달에는 이상한 점이 없습니다.
UI_TEAM_NOT_CREDITED = 아직 귀속되지 않음
UI_TEAM_NOT_CREDITED_YET = 아직 귀속된 것이 없습니다. 마감한 평가 주기나 귀속 계산에 포함되지 않은 날짜입니다. 들어온 것과 근무한 사람만 표시됩니다.
UI_TEAM_NO_ACCOUNTS = 조회할 수 있는 범위에 계정이 없습니다.
UI_TEAM_NO_CARDS = 조회할 수 있는 범위에 평가표가 없습니다.
UI_TEAM_NO_CARDS_DO = 평가 주기를 마감하면 표시됩니다. 위에서 다른 평가 주기를 선택하거나 우선 계정을 확인하십시오.
UI_TEAM_NO_CARD_OF_PERSON = 이 평가 주기에 이 직원의 평가표가 없습니다.
UI_TEAM_NO_FINDINGS = 점검할 사항이 없습니다.
UI_TEAM_NO_FINDINGS_DO = 점검 사항은 귀속 계산을 할 때마다 나오며, 평가 주기를 마감하기 전에도 나옵니다.
UI_TEAM_NO_HANDOVERS = 이 날짜에는 인수인계가 없습니다.
UI_TEAM_NO_HANDOVERS_DO = 위에서 다른 날짜를 선택하십시오. 인수인계는 계정을 인수하고 인계할 때 기록됩니다.
UI_TEAM_NO_RECORDS = 이 날짜에 들어온 기록이 없습니다.
UI_TEAM_NO_SHIFT = 근무 일정 없음
UI_TEAM_ON_DUTY = 근무 중
UI_TEAM_ON_DUTY_HELD = 인수인계로 근무 중
UI_TEAM_ON_DUTY_LOOSE = 팀의 한 사람으로 근무 중
UI_TEAM_OTHERS = 볼 수 없는 사람
UI_TEAM_OTHER_ACCOUNT = 볼 수 없는 계정
UI_TEAM_OUTSIDE = 외부 기록
UI_TEAM_PERSON = 직원
UI_TEAM_PERSON_HINT = 목록에 있는 이름 또는 사번.
UI_TEAM_PHASE = 사용 방식
UI_TEAM_PLATFORM = 플랫폼
UI_TEAM_POINTS = 점수
UI_TEAM_POINTS_BY_INDICATOR = 지표별 점수
UI_TEAM_POLICY = 정책
UI_TEAM_PUBLISH_SAID = 시각은 계정의 시간대입니다. 해당 근무 일정의 직원이 바로 볼 수 있습니다.
UI_TEAM_PUBLISH_SHIFTS = 근무 일정 게시
UI_TEAM_PUNCHED = 출근 체크함
UI_TEAM_PUT_IT_RIGHT = 바로잡기
UI_TEAM_PUT_RIGHT_BECAUSE = 바로잡은 이유
UI_TEAM_RANGE = 범위(90 %)
UI_TEAM_RANK = 순위
UI_TEAM_RANK_OF = { $of }명 중 { $rank }위
UI_TEAM_RATING = 평점
UI_TEAM_RECORD = 기록
UI_TEAM_RECORDS = 기록
UI_TEAM_RECORDS_AS_TABLE = 기록 표로 보기
UI_TEAM_RECORDS_CAME = 들어온 기록
UI_TEAM_RECORDS_CREDITED = 볼 수 있는 직원에게 귀속됨
UI_TEAM_REFUND_OF = 환불 대상
UI_TEAM_RESOLVED = 해결됨
UI_TEAM_ROSTERED = 배정됨
UI_TEAM_SCORE = 점수
UI_TEAM_SCORE_MEDIAN = 점수 중앙값
UI_TEAM_SEAT = 좌석
UI_TEAM_SECONDS = { $seconds }초
UI_TEAM_SHIFT = 근무 일정
UI_TEAM_SHIFT_COUNTS_NO_MORE = 이 근무 일정은 더는 인정되지 않습니다. 대신 인정되는 것을 변경하십시오.
UI_TEAM_SHIFT_NOT_YOURS = 이 근무 일정을 볼 수 있지만 변경할 수는 없습니다.
UI_TEAM_SHIFT_REASON_HINT = 근무 일정이 시작된 뒤에는 필요합니다.
UI_TEAM_STORE = 매장
UI_TEAM_SURE_KNOWN = 확실함
UI_TEAM_SURE_NOBODY = 누구에게도 귀속되지 않음
UI_TEAM_SURE_SHARED = 구분할 근거가 없어 똑같이 나눔
UI_TEAM_SURE_WEIGHED = 근거에 따라 가늠함
UI_TEAM_TARGET = 목표
UI_TEAM_TIMES_IN = { $zone } 시간({ $offset }) 기준.
UI_TEAM_TIMES_OF_ACCOUNTS = 시각은 각 계정의 시간대입니다.
UI_TEAM_TO = 종료
UI_TEAM_TODAY = 오늘
UI_TEAM_TO_THE_CARD = 평가표 보기
UI_TEAM_TO_THE_FINDINGS = 이 달의 점검 사항
UI_TEAM_TO_THE_TABLE = 기록 표로 이동
UI_TEAM_TO_THE_TIMELINE = 타임라인
UI_TEAM_VALUE = 값
UI_TEAM_VIEW = 표시 단위
UI_TEAM_VIEW_DAY = 일
UI_TEAM_VIEW_MONTH = 월
UI_TEAM_VIEW_WEEK = 주
UI_TEAM_WEIGHT = 가중치
UI_TEAM_WHAT = 내용
UI_TEAM_WHAT_CORRECTIONS_CHANGED = 정정으로 바뀐 것
UI_TEAM_WHAT_IS_ODD = 이상한 점
UI_TEAM_WHAT_IS_RIGHT = 올바른 내용
UI_TEAM_WHAT_IT_WAS = 기록 내용
UI_TEAM_WHAT_SHOWS_IT = 근거
UI_TEAM_WHAT_TO_DO = 조치 안내
UI_TEAM_WHAT_WAS_PUT_RIGHT = 바로잡은 것
UI_TEAM_WHAT_WAS_SEEN = 확인된 내용
UI_TEAM_WHEN = 시각
UI_TEAM_WHEN_IT_WAS = 실제 시각
UI_TEAM_WHERE_THE_RECORDS_ARE = 기록의 위치
UI_TEAM_WHOSE = 귀속
UI_TEAM_WHY = 이유
UI_TEAM_ZONE_OF_DAYS = 날짜의 시간대
WORD_DUTY_RULE_HANDOVER = 인수인계로 점유
WORD_DUTY_RULE_ROSTER = 배정되었고 이에 어긋나는 출퇴근 체크 없음
WORD_DUTY_RULE_PUNCH = 팀 소속이며 출근 체크함
WORD_DUTY_RULE_TEAM = 근거 없음: 팀 전체
WORD_VERSION_END_REVISED = 보낸 쪽이 수정함
WORD_VERSION_END_MOVED = 다른 계정으로 옮김
WORD_VERSION_END_WITHDRAWN = 철회됨
WORD_NOBODY_ON_DUTY = 근무 중인 사람이 없었음
DONE_FIX_ASKED = 요청했습니다. 이제 다른 사람이 승인합니다
DONE_FIX_MADE = 바로잡았습니다
DONE_CORRECTION_ASKED = 요청했습니다. 이제 다른 사람이 승인합니다
DONE_SHIFTS_PUBLISHED = 근무 일정을 게시했습니다
DONE_SHIFT_CHANGED = 근무 일정을 변경했습니다
DONE_SHIFT_CANCELLED = 근무 일정을 취소했습니다

## Console: words that other rooms have too

WORD_RECORD_AGGREGATION_MEAN = 평균
WORD_RECORD_AGGREGATION_SUM = 합계
WORD_RECORD_AGGREGATION_COUNT = 건수
WORD_RECORD_AGGREGATION_SHARE = 조건을 충족한 백분율
WORD_RECORD_AGGREGATION_DISTINCT = 고객 수
WORD_OBSERVATION_AGGREGATION_SUM = 합계
WORD_OBSERVATION_AGGREGATION_MEAN = 평균
WORD_OBSERVATION_AGGREGATION_LAST = 마지막 값
WORD_OBSERVATION_OF_PERSON = 직원
WORD_OBSERVATION_OF_UNIT = 직원의 조직
WORD_OBSERVATION_OF_ACCOUNT = 계정
WORD_OBSERVATION_OF_STORE = 매장
WORD_OBSERVATION_OF_CAMPAIGN = 캠페인
WORD_COMPARISON_AT_MOST = 이하
WORD_COMPARISON_AT_LEAST = 이상
WORD_COMPARISON_BELOW = 미만
WORD_COMPARISON_ABOVE = 초과
WORD_COMPARISON_EQUAL = 같음
DONE_SCHEME_SAVED = 버전을 저장했습니다.
DONE_SCHEME_WITHDRAWN = 사용을 종료했습니다.
DONE_MEASURE_SAVED = 측정값을 저장했습니다.
DONE_MEASURE_RETIRED = 측정값의 사용을 종료했습니다.
DONE_CYCLE_MADE = 평가 주기를 만들었습니다.
DONE_CYCLE_CLOSING = 마감을 시작했습니다.
DONE_CYCLE_CANCELLED = 중지했습니다.
DONE_CYCLE_CORRECTING = 정정을 계산하고 있습니다.
DONE_CYCLE_PUBLISHED = 결과를 공개했습니다.
DONE_RUN_STARTED = 귀속 계산을 시작했습니다.
DONE_RUN_CANCELLED = 귀속 계산을 중지했습니다.
DONE_OBSERVATION_WITHDRAWN = 관측값을 철회했습니다.
WORD_FINDING_MISSING_PUNCH = 출퇴근 체크 누락
WORD_FINDING_DOUBLE_IN = 출근 체크 중복
WORD_FINDING_TAG_OFF_DUTY = 근무 중이 아닌 사람이 플랫폼에 표시됨
WORD_FINDING_UNCOVERED_SHIFT = 아무도 근무하지 않은 근무 일정
WORD_FINDING_NAMED_WITHOUT_AGENT = 실명이지만 해당 상담원 없음
WORD_FINDING_MISSING_RELEASE = 인계하지 않은 계정
WORD_FINDING_CLAIM_OFF_DUTY = 근무 중이 아닐 때의 담당 등록
WORD_FINDING_OVERLAP = 한 계정을 동시에 점유
WORD_FINDING_SEVERAL_AT_ONCE = 동시에 여러 계정에서 근무
WORD_FINDING_TOO_FEW_REPLIES = 답변이 너무 적어 구분할 수 없음
WORD_FINDING_DEVICE_OFF_DUTY = 근무 중이 아닌 사람의 기기
WORD_FINDING_MIXED_WITHOUT_TAG = 이름 없는 혼합 계정
WORD_FINDING_NO_DUTY_EVIDENCE = 근무 근거 없음
WORD_FINDING_CLAIMS_DIFFER = 서로 어긋나는 담당 등록
WORD_FINDING_CLAIM_WITHOUT_RECORD = 기록 없는 담당 등록
WORD_FINDING_BREAKS_NOT_PUNCHED = 체크하지 않은 휴식
WORD_FINDING_DEVICE_OF_NOBODY = 누구의 것도 아닌 기기
WORD_FINDING_EVIDENCE_UNEVEN = 고르지 않은 근거
WORD_FINDING_EVIDENCE_NOT_READ = 읽지 않은 근거
DONE_CAME = 출근 체크를 했습니다.
DONE_LEFT = 퇴근 체크를 했습니다.
DONE_PUNCHED = 출퇴근 체크를 기록했습니다.
DONE_TOOK = 지금부터 귀하가 계정을 점유합니다.
DONE_RELEASED = 계정을 인계했습니다.
DONE_ASKED = 요청했습니다. 다른 사람이 승인합니다.
DONE_WITHDRAWN = 철회했습니다.

## Console: pay

NAV_POOLS = 성과급 재원
NAV_SETTLEMENTS = 정산
NAV_STATEMENTS = 명세서
NAV_PAY_CORRECTIONS = 급여 정정
NAV_RATES = 환율
WORD_SETTLEMENT_STATE_DRAFT = 초안
WORD_SETTLEMENT_STATE_APPROVED = 승인됨
WORD_SETTLEMENT_STATE_POSTED = 지급 확정
WORD_SETTLEMENT_STATE_DISCARDED = 폐기됨
WORD_PAY_CORRECTION_STATE_DRAFT = 초안
WORD_PAY_CORRECTION_STATE_APPROVED = 승인됨
WORD_PAY_CORRECTION_STATE_WITHDRAWN = 철회됨
DONE_POOL_MADE = 성과급 재원을 만들었습니다.
DONE_SETTLEMENT_DRAFTED = 정산의 초안을 작성했습니다. 다른 사람이 승인합니다.
DONE_PAY_APPROVED = 정산을 승인했습니다. 이제 지급 확정할 수 있습니다.
DONE_PAY_POSTED = 정산을 지급 확정했습니다. 더는 바뀌지 않습니다.
DONE_PAY_DISCARDED = 정산을 폐기했습니다.
DONE_NOTHING_MOVED_ON = 처리한 것이 없습니다. 이미 다음 단계로 넘어갔습니다. 현재 상태는 다음과 같습니다.
DONE_PAY_CORRECTION_DRAFTED = 정정의 초안을 작성했습니다. 다른 사람이 승인합니다.
DONE_PAY_CORRECTION_APPROVED = 정정을 승인했습니다. 다음 정산에서 차액이 지급됩니다.
DONE_PAY_CORRECTION_WITHDRAWN = 정정을 철회했습니다.
DONE_RATE_SET = 환율을 저장했습니다.
DONE_RATE_KNOWN = 저장한 것이 없습니다. 이미 있는 환율입니다.
UI_PAY_ACCOUNT = 계정
UI_PAY_ACCOUNT_HIDDEN = 볼 수 없는 계정
UI_PAY_ADJUSTMENTS = 이전 달의 정정
UI_PAY_ADJUSTMENTS_ALONE = 이 명세서에는 재원의 몫이 없고 이전 달의 정정만 지급합니다.
UI_PAY_ALSO_SUPERSEDED = 더는 유효하지 않은 것도 표시
UI_PAY_AMOUNTS_HIDDEN = 명세서가 있는 것은 볼 수 있지만 지급액은 볼 수 없습니다. 금액은 이 페이지로 보내지 않았습니다.
UI_PAY_AMOUNT_HINT = 120000.50처럼 숫자와 최대 하나의 소수점.
UI_PAY_ANOTHER_ACCOUNT = 다른 계정(…{ $tail })
UI_PAY_APPROVAL_ELSEWHERE = 승인할 수 있는 사람의 승인을 기다리고 있습니다. 귀하는 승인할 수 없습니다.
UI_PAY_APPROVE = 승인
UI_PAY_APPROVE_PAY_CORRECTION_SAID = 그때부터 다음 정산에서 차액을 지급하거나 공제합니다.
UI_PAY_APPROVE_SAID = 귀하가 준비한 것이 아니므로 승인할 수 있습니다. 먼저 내역과 합계를 확인하십시오.
UI_PAY_BEFORE = 이전
UI_PAY_BEFORE_ROUNDING = 반올림 전
UI_PAY_BESIDE_THE_POOL = 재원 외
UI_PAY_CARRY = 나누고 남은 잔액을 다음 달로 이월
UI_PAY_CARRY_HINT = 똑같이 나눌 수 없는 잔액을 매달 이월하여 서로 균형이 맞게 합니다.
UI_PAY_CORRECTION = 급여 정정
UI_PAY_CORRECTION_REASON_HINT = 바뀌는 모든 명세서에 표시됩니다.
UI_PAY_CORRECTION_SAID = 지급 확정된 것은 그대로입니다. 현재의 평가표로 재원을 다시 나누고 다음 정산에서 각 직원의 차액을 지급합니다.
UI_PAY_COUNTS = 유효
UI_PAY_CURRENCY = 통화
UI_PAY_CURRENCY_HINT = CNY처럼 세 글자.
UI_PAY_CYCLE = 평가 주기
UI_PAY_CYCLE_HIDDEN = 볼 수 없는 평가 주기
UI_PAY_DELTAS = 금액이 바뀌는 직원
UI_PAY_DIFFERENCE = 차액
UI_PAY_DISCARD = 폐기
UI_PAY_DISCARD_SAID = 정산을 폐기합니다. 그 뒤 재원을 다시 나눌 수 있습니다.
UI_PAY_DRAFT_PAY_CORRECTION = 이 정정의 초안 작성
UI_PAY_DRAFT_SETTLEMENT = 정산 초안 작성
UI_PAY_EQUAL_SPLIT = 똑같이 나누기
UI_PAY_EQUAL_SPLIT_SAID = 점수가 없다면 각자 받을 금액
UI_PAY_FLOOR = 점수 하한
UI_PAY_FLOOR_HINT = 이 점수 이하이면 받지 못하며 이를 넘는 점수만 반영합니다. 비워 두면 0입니다.
UI_PAY_FUND_NAME = 기금 이름
UI_PAY_HIDDEN = 볼 수 없음
UI_PAY_HOW_KNOWN = 판단 근거
UI_PAY_HOW_MADE = 금액 산출 방식
UI_PAY_HOW_SPLIT = 나누는 방식
UI_PAY_IN = 환산 통화
UI_PAY_LEFT_TO_PAY = 남은 지급액
UI_PAY_LESS = 감소 합계
UI_PAY_LINES_TOGETHER = 전체 내역 합계
UI_PAY_LOWEST_SCORE = 최저 점수
UI_PAY_MAKE_POOL = 성과급 재원 만들기
UI_PAY_MORE = 증가 합계
UI_PAY_NAME_HIDDEN = 이름을 볼 수 없음
UI_PAY_NEW_PAY_CORRECTION = 급여 정정하기
UI_PAY_NEW_POOL = 새 성과급 재원
UI_PAY_NEW_RATE = 새 환율
UI_PAY_NEW_SETTLEMENT = 새 정산
UI_PAY_NOW = 현재
UI_PAY_NO_CARRY = 나누고 남은 잔액은 그 달 안에 지급합니다.
UI_PAY_NO_DELTAS = 금액이 바뀌는 사람이 없습니다.
UI_PAY_NO_PAY_CORRECTIONS = 아직 급여 정정이 없습니다. 지급 확정된 정산은 정정으로 바로잡습니다.
UI_PAY_NO_PERCENT = 0부터 100까지이며 소수점 아래 최대 네 자리인 백분율이 아닙니다
UI_PAY_NO_POOLS = 아직 성과급 재원이 없습니다. 평가 주기에 대해 금액과 나누는 방식을 정하여 만드십시오.
UI_PAY_NO_POOL_READY = 지금 나눌 수 있는 성과급 재원이 없습니다. 모두 이미 지급되었거나 처리 중이거나 평가 주기가 공개되지 않았습니다. 재원을 만들거나 먼저 평가 주기를 공개하십시오.
UI_PAY_NO_POSTED_SETTLEMENT = 아직 지급 확정된 것이 없어 바로잡을 것이 없습니다. 초안은 폐기하고 다시 작성합니다.
UI_PAY_NO_RATES = 아직 환율이 없습니다. 다른 통화의 금액을 계산할 때만 필요합니다.
UI_PAY_NO_RECORDS_BEHIND = 이 명세서의 근거가 되는 기록이 없습니다.
UI_PAY_NO_SETTLEMENTS = 아직 정산한 것이 없습니다. 공개된 평가 주기와 성과급 재원으로 정산의 초안을 작성하십시오.
UI_PAY_NO_SETTLEMENT_OF_POOL = 아직 정산하지 않은 재원입니다. 정산의 초안을 작성하십시오.
UI_PAY_NO_STATEMENTS = 볼 수 있는 명세서가 없습니다.
UI_PAY_NOT_PUBLISHED = 아직 공개되지 않음
UI_PAY_NUMBER = 번호
UI_PAY_NUMBERED = { $at }. { $label }
UI_PAY_OF_THE_POOL = 재원에서
UI_PAY_ONE_OF = 1단위
UI_PAY_ONLY_COUNTING = 유효한 것만 표시
UI_PAY_PAID = 직원에게 지급
UI_PAY_PART_FUND_SAID = 이 부분은 팀을 위해 남겨 두고 개인에게 지급하지 않습니다. 쓰지 않으려면 비율을 비워 두십시오.
UI_PAY_PART_PROPORTIONAL_SAID = 각자 하한을 넘는 점수에 비례하여 받습니다. 쓰지 않으려면 비율을 비워 두십시오.
UI_PAY_PART_TIERS_SAID = 가장 높은 구간부터 쓰십시오. 각 구간은 인원의 백분율 또는 일정 점수 이상의 모든 직원이며, 구간에 든 직원은 그 가중치를 갖습니다. 쓰지 않으려면 비율을 비워 두십시오.
UI_PAY_PERCENT_OF_POOL = 재원의 백분율
UI_PAY_POOL = 성과급 재원
UI_PAY_POOLS_WAIT = 성과급 재원 { $count }개는 선택 항목에 없습니다. 해당 평가 주기의 점수가 아직 공개되지 않았습니다.
UI_PAY_POOL_NAME_HINT = 예: 3월 성과급.
UI_PAY_POOL_TO_SPLIT_HINT = 평가 주기가 공개되었고 아직 지급하지 않은 재원만 표시됩니다.
UI_PAY_POOL_UNIT_HINT = 지급 대상: 평가 주기의 조직 또는 그 하위 조직입니다. 비워 두면 평가 주기 전체입니다.
UI_PAY_POOL_WAITS = 평가 주기의 점수가 공개되면 정산할 수 있습니다.
UI_PAY_POST = 지급 확정
UI_PAY_POSTING_ELSEWHERE = 지급 확정할 수 있는 사람을 기다리고 있습니다. 귀하는 할 수 없습니다.
UI_PAY_POST_SAID = 그때부터 바뀌지 않으며 재원이 지급됩니다.
UI_PAY_PREPARED_AT = 준비 시각
UI_PAY_PUBLISHED = 공개됨
UI_PAY_QUOTA = 인원의 백분율
UI_PAY_RATE = 환율
UI_PAY_RATES_SAID = 환율은 같은 통화의 다음 환율이 있을 때까지 유효합니다. 이전에 적은 것도 계속 볼 수 있습니다.
UI_PAY_RATE_HINT = 예: 7.1234.
UI_PAY_RECORD = 기록
UI_PAY_RECORDS_BEHIND = 근거 기록
UI_PAY_RECORDS_TRACED = 기록 { $all }건 중 { $count }건
UI_PAY_ROW_REFUSED = { $said }
UI_PAY_RULE_FUND_SAID = 팀을 위해 남겨 두고 개인에게 지급하지 않습니다.
UI_PAY_RULE_PROPORTIONAL = 점수에 비례
UI_PAY_RULE_PROPORTIONAL_SAID = 각자 { $floor }점을 넘는 점수에 비례하여 받습니다.
UI_PAY_RULE_TIERS = 구간별
UI_PAY_RULE_TIERS_SAID = 구간에 든 직원은 그 구간의 가중치를 가지며, 이 부분을 가중치로 나눕니다.
UI_PAY_SAY_SURE = 확인했음을 표시하십시오
UI_PAY_SCORE = 점수
UI_PAY_SETTLEMENT = 정산
UI_PAY_SETTLEMENT_LINES = 직원별 지급액
UI_PAY_SETTLEMENT_LINES_SAID = 각 행은 명세서로 이어지며 계산 단계, 평가표, 근거 기록을 볼 수 있습니다. 점수의 출처:
UI_PAY_SET_RATE = 환율 저장
UI_PAY_SHARES_SUM = 모든 부분의 비율 합계가 100 %가 아니라 { $sum } %입니다
UI_PAY_SHOW_DIFFERENCE = 바뀌는 내용 보기
UI_PAY_SHOW_MORE = 더 보기
UI_PAY_SOURCE = 출처
UI_PAY_SOURCE_HINT = 예: 중앙은행 일일 고시.
UI_PAY_STATEMENT = 명세서
UI_PAY_STEP_APPROVED = 승인됨
UI_PAY_STEP_DISCARDED = 폐기됨
UI_PAY_STEP_DRAFTED = 초안 작성됨
UI_PAY_STEP_POSTED = 지급 확정됨
UI_PAY_STEP_PREPARED = 준비됨
UI_PAY_STEP_WAITS_APPROVAL = 다른 사람의 승인 대기
UI_PAY_STEP_WAITS_POSTING = 지급 확정 대기
UI_PAY_STEP_WITHDRAWN = 철회됨
UI_PAY_SUM = 합계
UI_PAY_SUM_FAILS = 합계가 재원과 다름
UI_PAY_SUM_HOLDS = 재원과 끝자리까지 일치
UI_PAY_SUPERSEDED = 더는 유효하지 않음
UI_PAY_TEAM_FUND = 팀 기금
UI_PAY_TIER = 구간
UI_PAY_TIER_FROM = { $score }점 이상
UI_PAY_TIER_QUOTA = 인원의 { $quota }
UI_PAY_TO_CARD = 평가표 보기
UI_PAY_TO_RECORDS = 기록 보기
UI_PAY_TO_SETTLEMENT = 정정 대상 정산
UI_PAY_UNIT_HIDDEN = 볼 수 없는 조직
UI_PAY_UNKNOWN_STEP = 이 페이지에 없는 단계입니다. 새로 불러오십시오
UI_PAY_WEIGHT = 가중치
UI_PAY_WEIGHT_OF = { $weight } / { $sum }
UI_PAY_WHAT_WOULD_CHANGE = 바뀌는 내용
UI_PAY_WHO = 직원
UI_PAY_WHOLE_GROUP = 그룹 전체
UI_PAY_WHY = 차이가 난 이유
UI_PAY_WITHDRAW = 철회
UI_PAY_WITHDRAW_SAID = 초안을 폐기합니다. 급여는 바뀌지 않습니다.
UI_PAY_WOULD_CHANGE = { $people }명의 금액이 바뀝니다. 증가 { $more }, 감소 { $less }. 아직 기록된 것은 없습니다.
UI_PAY_WRITTEN_AT = 저장 시각
UI_PAY_YOU = 본인
UI_PAY_YOU_HAD_A_HAND = 귀하가 준비했거나 승인했으므로 다른 사람이 지급 확정합니다(이중 확인).
UI_PAY_YOU_PREPARED = 귀하가 준비했으므로 다른 사람이 승인합니다(이중 확인).

## Console: audit

NAV_AUDIT_LOG = 로그
NAV_AUDIT_EXPORTS = 설명 자료
UI_AUDIT_BY_PERSON = 직원에 대해
UI_AUDIT_BY_ACCOUNT = 계정이 한 일
UI_AUDIT_BY_THING = 대상에 대해
UI_AUDIT_PERSON = 사번 또는 직원의 아이디
UI_AUDIT_THING = 대상
UI_AUDIT_ID = 대상의 아이디
UI_AUDIT_FROM = 시작일
UI_AUDIT_TO = 종료일(포함)
UI_AUDIT_FOUND = 로그 내용
UI_AUDIT_ASK = 직원, 계정 또는 대상을 조회하십시오. 다섯 서비스의 응답을 최신순의 한 목록으로 보여 줍니다.
UI_AUDIT_NOTHING = 조회할 수 있는 범위에서 이 날짜의 로그에 해당 내용이 없습니다.
UI_AUDIT_NO_DAY = “{ $text }” 값은 날짜가 아닙니다. 2026-03-31처럼 쓰십시오
UI_AUDIT_NOBODY = 조회할 수 있는 직원 중 사번이 “{ $text }”인 사람이 없습니다
UI_AUDIT_NO_ACCOUNT = 이름을 조회할 수 있는 계정 중 “{ $text }” 계정이 없습니다. 아이디를 쓰십시오
UI_AUDIT_SILENT = 다음 서비스가 응답하지 않아 그 항목이 빠져 있습니다. 다시 시도하십시오.
UI_AUDIT_NEWEST = 최신 항목으로
UI_AUDIT_OLDER = 이전 항목
UI_AUDIT_WHEN = 시각
UI_AUDIT_WHO = 누구
UI_AUDIT_WHAT = 한 일
UI_AUDIT_LOG_OF = 로그의 서비스
UI_AUDIT_NOTES = 비고
UI_AUDIT_ACTION = 작업
UI_AUDIT_METHOD = Rpc
UI_AUDIT_POSITION = 체인에서의 위치
UI_AUDIT_SERVICE = { $name } 서비스
UI_AUDIT_NOBODY_SIGNED_IN = 로그인하지 않음
UI_AUDIT_EXPORTS_SAID = 전체에서 개별 기록까지: 평가 주기의 평가표, 정산과 그 내역, 명세서와 근거 기록. 각 목록은 표시된 그대로 다운로드할 수 있습니다.
UI_AUDIT_NO_MONTHS = 아직 공개된 평가 주기가 없습니다.
UI_AUDIT_A_CORRECTION = 정정
UI_AUDIT_CARDS = 평가 주기와 평가표
UI_AUDIT_LOG_OF_IT = 로그 보기
WORD_SERVICE_IDENTITY = 신원
WORD_SERVICE_ATTENDANCE = 근태
WORD_SERVICE_PERFORMANCE = 성과
WORD_SERVICE_COMPENSATION = 급여
WORD_SERVICE_TALENT = 인재
WORD_THING_ACCOUNT = 계정
WORD_THING_ALIAS = 별칭
WORD_THING_API_KEY = API 키
WORD_THING_ATTRIBUTION_RUN = 귀속 계산
WORD_THING_BREAK_GLASS = 긴급 권한
WORD_THING_CARD = 평가표
WORD_THING_CATALOGUE = 카탈로그
WORD_THING_CLAIM = 담당 등록
WORD_THING_CORRECTION = 정정
WORD_THING_CYCLE = 평가 주기
WORD_THING_DATA_KEY = 데이터 키
WORD_THING_DELEGATION = 위임
WORD_THING_DEVICE = 기기
WORD_THING_ERASURE = 개인정보 삭제
WORD_THING_EVENT = 이벤트
WORD_THING_FINDING = 점검 사항
WORD_THING_GRANT = 권한 부여
WORD_THING_HANDOVER = 인수인계
WORD_THING_HOLD = 법적 보존
WORD_THING_MEASURE = 측정값
WORD_THING_OBSERVATION = 관측값
WORD_THING_ORG_UNIT = 조직
WORD_THING_PAY_CORRECTION = 급여 정정
WORD_THING_PERSON = 직원
WORD_THING_POOL = 성과급 재원
WORD_THING_PRINCIPAL = 로그인 주체
WORD_THING_PUNCH = 출퇴근 체크
WORD_THING_RATE = 환율
WORD_THING_RECORD = 상담 기록
WORD_THING_REGION = 지역
WORD_THING_REPLIES = 답변
WORD_THING_RETENTION = 보존
WORD_THING_ROLE = 역할
WORD_THING_ROSTER = 근무표
WORD_THING_ROW = 목록의 행
WORD_THING_SCHEDULE = 마감 예약
WORD_THING_SCHEDULE_RUN = 마감 예약의 실행
WORD_THING_SCHEME = 평가 체계
WORD_THING_SESSION = 세션
WORD_THING_SETTLEMENT = 정산
WORD_THING_SITE = 근무지
WORD_THING_SSO_PROVIDER = 싱글 사인온 제공자
WORD_THING_STATEMENT = 명세서
WORD_THING_SUBJECT = 대상의 로그
WORD_THING_TABLE = 테이블
WORD_THING_TENANT = 그룹
WORD_THING_TRANSFER = 지역 간 전송
WORD_DID_ATTENDANCE_ACCOUNT_READ = 계정 조회
WORD_DID_ATTENDANCE_ACCOUNT_WRITE = 계정 저장
WORD_DID_ATTENDANCE_ALIAS_READ = 별칭 조회
WORD_DID_ATTENDANCE_ALIAS_WRITE = 별칭 저장
WORD_DID_ATTENDANCE_CORRECTION_APPROVE = 정정 승인
WORD_DID_ATTENDANCE_CORRECTION_MAKE = 정정 적용
WORD_DID_ATTENDANCE_CORRECTION_READ = 정정 조회
WORD_DID_ATTENDANCE_CORRECTION_REJECT = 정정 반려
WORD_DID_ATTENDANCE_CORRECTION_REQUEST = 정정 요청
WORD_DID_ATTENDANCE_CORRECTION_WITHDRAW = 정정 철회
WORD_DID_ATTENDANCE_DEVICE_READ = 기기 조회
WORD_DID_ATTENDANCE_DEVICE_WRITE = 기기 저장
WORD_DID_ATTENDANCE_HANDOVER_IMPORT = 인수인계 가져오기
WORD_DID_ATTENDANCE_HANDOVER_READ = 인수인계 조회
WORD_DID_ATTENDANCE_HANDOVER_RECORD = 계정 인수인계
WORD_DID_ATTENDANCE_OCCUPANCY_READ = 계정 점유 조회
WORD_DID_ATTENDANCE_PUNCH_IMPORT = 출퇴근 체크 가져오기
WORD_DID_ATTENDANCE_PUNCH_READ = 출퇴근 체크 조회
WORD_DID_ATTENDANCE_PUNCH_RECORD = 출퇴근 체크
WORD_DID_ATTENDANCE_ROSTER_READ = 근무표 조회
WORD_DID_ATTENDANCE_ROSTER_WRITE = 근무표 저장
WORD_DID_ATTENDANCE_SITE_WRITE = 근무지 저장
WORD_DID_COMPENSATION_CORRECTION_APPROVE = 급여 정정 승인
WORD_DID_COMPENSATION_CORRECTION_DRAFT = 급여 정정 초안 작성
WORD_DID_COMPENSATION_CORRECTION_WITHDRAW = 급여 정정 철회
WORD_DID_COMPENSATION_POOL_CREATE = 성과급 재원 만들기
WORD_DID_COMPENSATION_POOL_READ = 성과급 재원 조회
WORD_DID_COMPENSATION_SETTLEMENT_APPROVE = 정산 승인
WORD_DID_COMPENSATION_SETTLEMENT_DISCARD = 정산 폐기
WORD_DID_COMPENSATION_SETTLEMENT_DRAFT = 정산 초안 작성
WORD_DID_COMPENSATION_SETTLEMENT_POST = 정산 지급 확정
WORD_DID_COMPENSATION_SETTLEMENT_READ = 정산 조회
WORD_DID_COMPENSATION_STATEMENT_READ = 명세서 조회
WORD_DID_COMPENSATION_STATEMENT_READ_PAY = 급여 조회
WORD_DID_IDENTITY_API_KEY_CREATE = API 키 만들기
WORD_DID_IDENTITY_API_KEY_EXCHANGE = API 키로 로그인
WORD_DID_IDENTITY_API_KEY_REVOKE = API 키 폐기
WORD_DID_IDENTITY_BREAK_GLASS_END = 긴급 권한 종료
WORD_DID_IDENTITY_BREAK_GLASS_OPEN = 긴급 권한 열기
WORD_DID_IDENTITY_BREAK_GLASS_REFUSE = 긴급 권한 거절됨
WORD_DID_IDENTITY_BREAK_GLASS_REVIEW = 긴급 권한 검토
WORD_DID_IDENTITY_CATALOGUE_IMPORT = 카탈로그 가져오기
WORD_DID_IDENTITY_DELEGATION_END = 위임 종료
WORD_DID_IDENTITY_DELEGATION_WRITE = 권한 위임
WORD_DID_IDENTITY_EMPLOYMENT_END = 고용 종료
WORD_DID_IDENTITY_ENTITLEMENT_WRITE = 그룹의 모듈 변경
WORD_DID_IDENTITY_ERASURE_APPROVE = 개인정보 삭제 승인
WORD_DID_IDENTITY_ERASURE_REJECT = 개인정보 삭제 반려
WORD_DID_IDENTITY_ERASURE_REQUEST = 개인정보 삭제 요청
WORD_DID_IDENTITY_ERASURE_WITHDRAW = 개인정보 삭제 철회
WORD_DID_IDENTITY_GRANT_READ = 권한 부여 조회
WORD_DID_IDENTITY_GRANT_REVOKE = 역할 회수
WORD_DID_IDENTITY_GRANT_WRITE = 역할 부여
WORD_DID_IDENTITY_HOLD_LIFT = 법적 보존 해제
WORD_DID_IDENTITY_HOLD_SET = 법적 보존 설정
WORD_DID_IDENTITY_LOGIN_CREATE = 로그인 만들기
WORD_DID_IDENTITY_ORG_CLOSE = 조직 폐지
WORD_DID_IDENTITY_ORG_IMPORT = 조직 가져오기
WORD_DID_IDENTITY_ORG_MERGE = 조직 통합
WORD_DID_IDENTITY_PASSWORD_CHANGE = 자신의 비밀번호 변경
WORD_DID_IDENTITY_PASSWORD_RESET = 비밀번호 재설정
WORD_DID_IDENTITY_PERSON_EXPORT = 직원에 대해 보관된 데이터 내보내기
WORD_DID_IDENTITY_PERSON_IMPORT = 직원 가져오기
WORD_DID_IDENTITY_PERSON_READ = 직원 조회
WORD_DID_IDENTITY_PERSON_READ_PII = 직원의 개인정보 조회
WORD_DID_IDENTITY_PERSON_RECTIFY = 직원의 개인정보 바로잡기
WORD_DID_IDENTITY_RATE_SET = 환율 저장
WORD_DID_IDENTITY_REPORTING_SET = 보고 라인 지정
WORD_DID_IDENTITY_REPORTING_END = 보고 라인 종료
WORD_DID_IDENTITY_RETENTION_SET = 데이터 보존 기간 지정
WORD_DID_IDENTITY_ROLE_DEFINE = 역할 정의
WORD_DID_IDENTITY_ROLE_RETIRE = 역할 사용 종료
WORD_DID_IDENTITY_SECOND_FACTOR_BEGIN = 2차 인증 등록 시작
WORD_DID_IDENTITY_SECOND_FACTOR_CONFIRM = 2차 인증 확인
WORD_DID_IDENTITY_SECOND_FACTOR_REMOVE = 2차 인증 해제
WORD_DID_IDENTITY_SERVICE_ACCOUNT_CREATE = 서비스 계정 만들기
WORD_DID_IDENTITY_SESSION_END = 세션 종료
WORD_DID_IDENTITY_SESSION_END_ALL = 모든 세션 종료
WORD_DID_IDENTITY_SESSION_REFRESH = 세션 연장
WORD_DID_IDENTITY_SESSION_SIGN_IN = 로그인
WORD_DID_IDENTITY_SSO_PUT = 싱글 사인온 제공자 등록
WORD_DID_IDENTITY_SSO_REMOVE = 싱글 사인온 제공자 삭제
WORD_DID_IDENTITY_TENANT_INIT = 그룹 만들기
WORD_DID_PERFORMANCE_CARD_READ = 평가표 조회
WORD_DID_PERFORMANCE_CLAIM_MAKE = 대화 담당 등록
WORD_DID_PERFORMANCE_CLAIM_WITHDRAW = 담당 등록 철회
WORD_DID_PERFORMANCE_CREDIT_READ = 귀속 조회
WORD_DID_PERFORMANCE_CREDIT_EXPORT = 귀속 내보내기
WORD_DID_PERFORMANCE_CYCLE_CANCEL = 평가 주기 마감 중지
WORD_DID_PERFORMANCE_CYCLE_CLOSE = 평가 주기 마감 시작
WORD_DID_PERFORMANCE_CYCLE_FAIL = 평가 주기 마감 실패
WORD_DID_PERFORMANCE_CYCLE_PROGRESS = 평가 주기 마감 계속
WORD_DID_PERFORMANCE_CYCLE_PUBLISH = 평가 주기 공개
WORD_DID_PERFORMANCE_CYCLE_READ = 평가 주기 조회
WORD_DID_PERFORMANCE_CYCLE_SCORE = 평가 주기 점수 계산
WORD_DID_PERFORMANCE_CYCLE_WRITE = 평가 주기 저장
WORD_DID_PERFORMANCE_FINDING_APPLY_FIX = 점검 사항 바로잡기 적용
WORD_DID_PERFORMANCE_OBSERVATION_IMPORT = 관측값 가져오기
WORD_DID_PERFORMANCE_OBSERVATION_READ = 관측값 조회
WORD_DID_PERFORMANCE_OBSERVATION_WITHDRAW = 관측값 철회
WORD_DID_PERFORMANCE_RECORD_IMPORT = 기록 가져오기
WORD_DID_PERFORMANCE_RECORD_MOVE = 기록 옮기기
WORD_DID_PERFORMANCE_RECORD_READ = 기록 조회
WORD_DID_PERFORMANCE_RECORD_WITHDRAW = 기록 철회
WORD_DID_PERFORMANCE_REPLY_IMPORT = 답변 가져오기
WORD_DID_PERFORMANCE_RUN_ATTRIBUTE = 기록 귀속
WORD_DID_PERFORMANCE_RUN_COLLECT = 귀속 계산에 필요한 자료 수집
WORD_DID_PERFORMANCE_RUN_PROGRESS = 귀속 계산 계속
WORD_DID_PERFORMANCE_CLAIM_IMPORT = 담당 등록 가져오기
WORD_DID_PERFORMANCE_RUN_START = 귀속 계산 시작
WORD_DID_PERFORMANCE_SCHEME_EXPORT = 평가 체계 내보내기
WORD_DID_PERFORMANCE_SCHEME_IMPORT = 평가 체계 가져오기
WORD_DID_PERFORMANCE_SCHEME_WITHDRAW = 평가 체계 사용 종료
WORD_DID_PERFORMANCE_SCHEME_WRITE = 평가 체계 저장
WORD_DID_PERFORMANCE_TRANSFER_APPROVE = 지역 간 전송 승인
WORD_DID_PERFORMANCE_TRANSFER_PREPARE = 지역 간 전송 준비
WORD_DID_PERFORMANCE_TRANSFER_RELEASE = 지역 간 전송 내보내기
WORD_DID_SUITE_AUDIT_SEARCH = 로그 검색
WORD_DID_SUITE_PERSON_ERASE = 직원의 개인정보 삭제
WORD_DID_SUITE_PERSON_EXPORT = 직원에 대해 보관된 데이터 내보내기
WORD_DID_SUITE_RETENTION_RUN = 기간이 지난 데이터 삭제
WORD_DID_SUITE_TENANT_EXPORT = 그룹의 모든 데이터 내보내기
WORD_DID_TALENT_EVIDENCE_READ = 근거 조회
WORD_DID_TALENT_EVIDENCE_RECORD = 근거 기록
WORD_DID_TALENT_PROFILE_READ = 역량 프로필 조회

## Console: platform


## Console: checks and replays, holds, retention, erasure and schedules

REPLAY_ACCOUNT_FIGURES = 계정의 수치가 그 귀속의 합계와 다릅니다
REPLAY_ADJUSTMENTS_OTHER = 정정으로 지급하거나 공제한 금액이 다릅니다
REPLAY_AMOUNT_OTHER = 점수나 금액이 다릅니다
REPLAY_CREDITED = 귀속 기록 { $records }건
REPLAY_DIGEST_OTHER = 평가 주기의 다이제스트가 그 입력과 결과의 것이 아닙니다
REPLAY_FIGURES = 기록 { $records }건, 그중 { $unattributed }건은 누구에게도 귀속되지 않음. 평가 주기 대상자에게 귀속 { $credited }건. 평가표 { $people }건
REPLAY_FIGURES_OTHER = 평가 주기의 수치가 그 귀속과 평가표의 합계와 다릅니다
REPLAY_LINE_OTHER = 금액을 산출한 과정이 다릅니다
REPLAY_NOT_DERIVED = 저장되어 있으나 입력에서 산출되지 않습니다
REPLAY_NOT_STORED = 입력에서 산출되나 저장되어 있지 않습니다
REPLAY_REASON_OTHER = 직원과 몫은 같으나 근거가 다릅니다
REPLAY_STATEMENT = { $amount }, 점수 { $score }
    .alone = 재원의 몫 없음
    .adjusted = { $line }, 그 밖에 정정 { $adjusted }
REPLAY_SUMS = 총액 { $pool }: 직원 { $paid }, 기금 { $funds }. 정정 { $adjusted }. 명세서 { $people }건
REPLAY_SUMS_OTHER = 정산의 합계가 그 명세서의 합계와 다릅니다
REPLAY_SUM_OTHER = 측정값별 몫의 합계가 다릅니다
REPLAY_UNREADABLE = 저장된 것을 읽을 수 없습니다. 당시에 쓴 것이 아닙니다
NAV_AUDIT_CHAIN = 로그 검사
NAV_AUDIT_REPLAY = 재계산 대조
UI_CHAIN_SAID = 각 서비스는 그룹에서 하거나 조회한 것을 로그에 남깁니다. 모든 항목은 앞 항목에 이어지고, 최신 항목은 서명되며, 모든 행에는 그 행을 쓴 항목이 표시됩니다. 검사하면 전부 다시 읽어 그 사이에 변경, 삽입 또는 삭제된 것을 찾아 표시합니다.
UI_CHAIN_SERVICE = 어느 로그
UI_CHAIN_ALL = 전체
UI_CHAIN_CHECK = 검사
UI_CHAIN_CHECKING = 로그를 읽는 중
UI_CHAIN_RESULT = 검사 결과
UI_CHAIN_CHECKED = 항목 { $count }개를 검사함
UI_CHAIN_WHOLE = 이상 없음
UI_CHAIN_BROKEN = 이상 있음
UI_CHAIN_UNKNOWN = 알 수 없음
UI_CHAIN_HOLDS = 항목 { $entries }개와 행 { $rows }개가 쓰인 그대로입니다.
UI_CHAIN_FAILS = 항목 { $entries }개와 행 { $rows }개를 읽었습니다. 다음은 쓰인 것과 다릅니다(체인과 테이블마다 첫 번째 위치):
UI_CHAIN_EMPTY = 이 로그에는 아직 쓰인 것이 없습니다.
UI_CHAIN_FROM = 첫 항목
UI_CHAIN_TO = 마지막 항목
UI_CHAIN_OUTSIDE = Tally 운영자는 tally audit verify 명령으로 다른 곳에 보관한 서명된 헤드와 로그를 대조할 수도 있습니다. 그러면 데이터베이스 전체가 이전 것으로 되돌려진 경우도 찾아냅니다.
UI_REPLAY_SAID = 마감된 달의 결과는 당시의 사실과 기록, 그리고 정책과 평가 체계의 버전에서 산출됩니다. 재계산 대조는 이를 다시 계산하여 저장된 것과 비교합니다. 아무것도 변경하지 않습니다.
UI_REPLAY_WHAT = 어느 평가 주기 또는 정산
UI_REPLAY_CYCLES = 평가 주기
UI_REPLAY_SETTLEMENTS = 정산
UI_REPLAY_RUN = 재계산 대조
UI_REPLAY_NONE = 조회할 수 있는 마감된 평가 주기가 아직 없습니다. 평가 주기를 마감하면 여기에서 재계산하여 대조할 수 있습니다.
UI_REPLAY_RUNNING = 다시 계산하는 중
UI_REPLAY_RESULT = 대조 결과
UI_REPLAY_SAME = 같음
UI_REPLAY_DIFFERENT = 다름
UI_REPLAY_CYCLE_SAME = 귀속 { $credits }건과 평가표 { $cards }건을 다시 계산했습니다. 저장된 것과 백만분의 일까지 같습니다.
UI_REPLAY_CYCLE_DIFFERENT = 귀속 { $credits }건과 평가표 { $cards }건을 다시 계산했습니다. { $differing }곳이 저장된 것과 다릅니다.
UI_REPLAY_PAY_SAME = 명세서 { $statements }건을 다시 계산했습니다. 저장된 것과 끝자리까지 같습니다.
UI_REPLAY_PAY_DIFFERENT = 명세서 { $statements }건을 다시 계산했습니다. { $differing }곳이 저장된 것과 다릅니다.
UI_REPLAY_DIGESTS = 다이제스트
UI_REPLAY_DIGEST = 입력과 결과
UI_REPLAY_DIGEST_CREDITS = 귀속
UI_REPLAY_DIGEST_INPUTS = 입력
UI_REPLAY_THEN = 당시
UI_REPLAY_NOW = 현재
UI_REPLAY_FIRST = 처음 { $count }곳입니다.
UI_REPLAY_RENAMED = 결과는 같지만 다이제스트가 다릅니다. 개인정보가 삭제된 직원처럼 이제 다른 이름으로 된 것이 있거나, 시간대 데이터베이스의 버전이 다릅니다.
UI_REPLAY_WHERE = 위치
UI_REPLAY_STORED = 저장된 것
UI_REPLAY_DERIVED = 다시 계산한 것
UI_REPLAY_WHY = 다른 점
UI_REPLAY_OF_CREDIT = { $account } 계정의 { $record } 귀속
UI_REPLAY_OF_ACCOUNT = 계정 { $account }
UI_REPLAY_OF_SUM = { $person }의 합계
UI_REPLAY_OF_CARD = { $person }의 평가표
UI_REPLAY_OF_CYCLE = 평가 주기
UI_REPLAY_OF_STATEMENT = { $person }의 명세서
UI_REPLAY_OF_SETTLEMENT = 정산
UI_REPLAY_MASKED = 저장된 것과 다시 계산한 것은 평가표와 급여를 조회할 수 있는 사람에게만 표시됩니다.
UI_REPLAY_BROKE = 끝까지 진행하지 못했습니다.
WORD_DID_COMPENSATION_SETTLEMENT_REPLAY = 정산 재계산 대조
WORD_DID_PERFORMANCE_CYCLE_REPLAY = 평가 주기 재계산 대조
WORD_DID_SUITE_AUDIT_VERIFY = 로그 검사
NAV_SCHEDULES = 마감 예약
NAV_HOLDS = 법적 보존
NAV_RETENTION = 보존 기간
NAV_ERASURES = 개인정보 삭제
UI_HOLD_ON = 보존 대상
UI_HOLD_BY = 설정한 사람
UI_HOLD_STANDS = 유효
UI_HOLD_LIFTED = { $at } 해제: { $reason }
UI_NO_HOLDS = 걸려 있는 법적 보존이 없습니다.
UI_NEW_HOLD = 법적 보존 설정
UI_HOLDS_SAID = 법적 보존이 걸린 것은 어느 서비스에서도 지워지지 않으며 기간이 지나도 삭제되지 않습니다.
UI_HOLD_ALL_HINT = 그룹 전체를 보존하려면 비워 두십시오.
UI_LIFT_HOLD = 법적 보존 해제
UI_LIFT_SAID = 법적 보존 대상: { $of }({ $reason }). 해제하면 기간이 지난 것이 영구히 삭제될 수 있습니다.
UI_NAME_NOBODY = 예: 사건 번호. 사람의 이름은 쓰지 마십시오. 이 내용은 개인 데이터보다 오래 보존됩니다.
UI_MONTHS_KEPT = 보존 개월 수
UI_MONTHS_BOUNDS = 설정 범위
UI_MONTHS_WITHIN = { $least } 이상 { $most } 이하. 설정하지 않으면 { $usual }
UI_COUNTED_FROM = 기산일
UI_WHY_KEPT = 보존 이유
UI_RETENTION_SAID = 각 서비스에서 데이터 유형별로 보존하는 기간입니다. 기간이 지난 것은 운영자가 실행하는 정리 작업에서 삭제됩니다.
UI_RETENTION_SHORTER = 개월 수를 줄이면 다음 정리 작업에서 그때까지 기간이 지난 것이 영구히 삭제됩니다.
UI_NUMBER_WANTED = 정수를 쓰십시오.
UI_ERASURE_WAITS = 승인 대기
UI_ERASURE_UNDER_WAY = 진행 중
UI_ERASURE_COMPLETED = 모두 삭제됨
UI_ERASURE_DROPPED = 취소됨
UI_WHY_DROPPED = 취소된 이유
UI_NO_ERASURES = 아직 개인정보 삭제 요청이 없습니다.
UI_NEW_ERASURE = 개인정보 삭제 요청
UI_ERASURES_SAID = 퇴사한 사람의 개인정보는 한 사람이 요청하고 다른 사람이 승인하면 삭제됩니다. 다른 사람의 급여에 쓰이는 결과는 이름 없이 남습니다.
UI_APPROVE_ERASURE = 승인하고 삭제
UI_APPROVE_ERASURE_SAID = { $name }의 개인정보가 모든 서비스에서 삭제됩니다. 되돌릴 수 없습니다.
UI_REJECT_ERASURE = 반려
UI_WITHDRAW_ERASURE = 철회
UI_WHAT_SERVICES_DID = 서비스별 처리 내용
UI_ROWS_ERASED = 지운 행 수
UI_NEXT_CLOSING = 다음 마감
UI_LAST_RUN_FAILED = 지난 실행 실패
UI_RUNS_BY_ITSELF = 자동 실행
UI_NO_SCHEDULES = 아직 마감 예약이 없습니다.
UI_SCHEDULES_SAID = 자동으로 마감하는 달입니다. 공개는 자동으로 하지 않습니다. 마감 예약은 rpc로 작성합니다(CreateSchedule).
UI_CLOSES = 마감 시각
UI_CLOSES_ON = 다음 달 { $day }일 { $time }({ $zone })
UI_LOOKS_FIRST = 먼저 미리 보기
UI_WAITS_MINUTES = 중지하지 않으면 { $minutes }분 뒤에 마감
UI_WAS_DUE = 예정 시각
UI_GOES_ON = 계속하는 시각
UI_STOP_RUN = 이 실행 중지
UI_BEGIN_MONTH = 달을 직접 시작
UI_BEGIN_SAID = 이미 끝났으나 시작되지 않은 달, 또는 실행이 실패하거나 중지된 달에 씁니다.
UI_MONTH = 월
UI_MONTH_HINT = 예: 2026-03
UI_SCHEDULE_RUNS = 실행
UI_NO_RUN_YET = 아직 실행된 것이 없습니다.
WORD_SCHEDULE_RUN_STATE_LOOKING = 미리 보는 중
WORD_SCHEDULE_RUN_STATE_WAITING = 마감 대기
WORD_SCHEDULE_RUN_STATE_CLOSING = 마감 중
WORD_SCHEDULE_RUN_STATE_DONE = 마감됨
WORD_SCHEDULE_RUN_STATE_FAILED = 실패
WORD_SCHEDULE_RUN_STATE_STOPPED = 중지됨
DONE_HOLD_SET = 법적 보존을 설정했습니다.
DONE_HOLD_LIFTED = 법적 보존을 해제했습니다.
DONE_RETENTION_SET = 보존 개월 수를 저장했습니다.
DONE_ERASURE_ASKED = 요청했습니다. 다른 사람이 승인합니다.
DONE_ERASURE_APPROVED = 승인했습니다. 서비스에서 삭제하고 있습니다.
DONE_ERASURE_REJECTED = 반려했습니다.
DONE_ERASURE_WITHDRAWN = 철회했습니다.
DONE_SCHEDULE_RUN_STOPPED = 실행을 중지했습니다.
DONE_SCHEDULE_RUN_BEGUN = 달을 시작했습니다.
