### Các câu tiếng Việt của Tally. Mã và tham số giống en.ftl; mỗi ngôn ngữ là một tệp.


## Parts

LIST_SEPARATOR = { "; " }
REFUSED_BECAUSE = { $kind } ({ $told })
KIND_INVALID_ARGUMENT = yêu cầu không đúng: hãy sửa lại
KIND_NOT_FOUND = không có gì ở đó mà bạn được xem
KIND_ALREADY_EXISTS = đã có rồi
KIND_ABORTED = người khác vừa thay đổi: hãy đọc lại
KIND_FAILED_PRECONDITION = trạng thái hiện tại không cho phép
KIND_PERMISSION_DENIED = bạn không có quyền làm việc này
KIND_UNAUTHENTICATED = hãy đăng nhập trước
KIND_RESOURCE_EXHAUSTED = quá nhiều yêu cầu cùng lúc: hãy thử lại sau giây lát
KIND_UNAVAILABLE = dịch vụ tạm thời không dùng được: hãy thử lại sau giây lát
KIND_DEADLINE_EXCEEDED = xử lý quá lâu
KIND_CANCELLED = lệnh gọi đã bị hủy
KIND_UNIMPLEMENTED = địa chỉ này không cung cấp chức năng đó

## Kinds of things

RESOURCE_ACCOUNT = tài khoản
RESOURCE_ALIAS = biệt danh
RESOURCE_API_KEY = khóa API
RESOURCE_CARD_OF_PERSON = phiếu điểm của nhân viên
RESOURCE_COMPONENT = chỉ tiêu
RESOURCE_CORRECTION = đính chính
RESOURCE_CYCLE = kỳ đánh giá
RESOURCE_DEVICE = thiết bị
RESOURCE_DELEGATION = ủy quyền
RESOURCE_EMERGENCY = quyền khẩn cấp
RESOURCE_EMPLOYMENT = kỳ làm việc
RESOURCE_ERASURE = yêu cầu xóa dữ liệu cá nhân
RESOURCE_FINDING = phát hiện
RESOURCE_GRANT = lượt cấp quyền
RESOURCE_HANDOVER = bàn giao
RESOURCE_HOLD = lệnh lưu giữ pháp lý
RESOURCE_LEAVE = kỳ nghỉ phép
RESOURCE_LOGIN = tài khoản đăng nhập
RESOURCE_ATTRIBUTION_RUN = lượt ghi nhận
RESOURCE_ORG_UNIT = đơn vị
RESOURCE_PAGE = trang
RESOURCE_PERSON = nhân viên
RESOURCE_POOL = quỹ thưởng
RESOURCE_POSITION = vị trí
RESOURCE_PRINCIPAL = chủ thể đăng nhập
RESOURCE_PROFILE_OF_PERSON = hồ sơ năng lực của nhân viên
RESOURCE_PROVIDER = nhà cung cấp đăng nhập một lần
RESOURCE_PUNCH = lượt chấm công
RESOURCE_RECORD = bản ghi
RESOURCE_MEASURE = số đo
RESOURCE_CLAIM = lượt tự nhận
RESOURCE_OBSERVATION = số liệu quan sát
RESOURCE_REPORTING_LINE = tuyến báo cáo
RESOURCE_SCHEDULE = lịch chốt
RESOURCE_ROLE = vai trò
RESOURCE_RUN_OF_A_SCHEDULE = lượt chạy của lịch chốt
RESOURCE_SCHEME = phương án đánh giá
RESOURCE_SCHEME_VERSION = phiên bản phương án đánh giá
RESOURCE_SERVICE_ACCOUNT = tài khoản dịch vụ
RESOURCE_SESSION = phiên đăng nhập
RESOURCE_SETTLEMENT = quyết toán
RESOURCE_SHIFT = ca
RESOURCE_STATEMENT_OF_PERSON = bảng kê của nhân viên
RESOURCE_TRANSFER = lượt chuyển giữa các khu vực
RESOURCE_UPLOAD = lượt tải lên

## Every service

INTERNAL = hệ thống gặp sự cố; chi tiết có trong nhật ký của người vận hành
INTERNAL_DETAILS = chi tiết để kiểm tra: { $details }
NOT_FOUND = không có { $resource } { $id } mà bạn được xem
    .unit_on = vào { $day }, ngày được lấy làm mốc, không có đơn vị { $id } mà bạn được xem: đơn vị đã giải thể trước đó, thành lập sau đó hoặc chưa từng có (dùng ListOrgUnits với as_of để xem có những đơn vị nào)
    .goes_on = đơn vị { $id } đã giải thể trước { $day }, ngày được lấy làm mốc, và nhân viên đã chuyển sang { $into }: hãy dùng đơn vị đó
    .id_number = không có nhân viên nào mang số giấy tờ này mà bạn được xem
    .removed = { $missing }; nếu thuộc thời gian trước { $day } thì có thể đã bị xóa do hết thời hạn lưu giữ
INVALID_REQUEST = có { $count } trường không đúng; phần chi tiết nêu từng trường
INVALID_FIELD = { $field }: { $problem }
LIST_EMPTY = cần ít nhất một mục
NAME_ONE_OF = chỉ điền đúng một trong các trường { $fields }
CHANGE_MISSING = hãy cho biết cần thay đổi gì
DATE_EXPECTED = cần một ngày: YYYY-MM-DD
    .month = cần một tháng: YYYY-MM
TEXT_EMPTY = không được để trống
TEXT_TOO_LONG = tối đa { $max } ký tự
ID_MALFORMED = cần một UUID
DATE_MALFORMED = { $field }: hãy viết YYYY-MM-DD
    .text = “{ $text }” không phải là ngày: hãy viết YYYY-MM-DD
DATES_BACKWARDS = { $last } nằm trước { $first }
INSTANT_INVALID = cần một thời điểm từ năm 1 đến năm 9999
TEXT_UNUSABLE = { $field }: từ 1 đến { $max } ký tự
ROWS_TOO_MANY = mỗi lệnh gọi tối đa { $max } dòng, lần này có { $count } dòng: hãy gửi nhiều lệnh gọi
ROWS_MISSING = không có dòng nào: hãy gửi ít nhất một dòng
NOTHING_CHANGES = hiện đã như vậy rồi
    .fix = việc này đã được sửa, và phát hiện có từ trước khi sửa: hãy chốt lại kỳ đánh giá (CloseCycle; CorrectCycle nếu kỳ đã công bố) hoặc bắt đầu một lượt ghi nhận khác, rồi xem các phát hiện mới
PAGE_TOKEN_INVALID = mã trang không thuộc danh sách này: hãy bắt đầu lại không kèm mã

## Numbers, money, time

DECIMAL_MALFORMED = “{ $text }” không phải là số thập phân có tối đa sáu chữ số lẻ
SHARE_OUT_OF_RANGE = một phần phải từ 0 đến 1000000 phần triệu, không phải { $ppm }
CURRENCY_UNKNOWN = “{ $text }” không phải là mã ISO 4217 đang dùng: hãy viết ba chữ in hoa, ví dụ CNY
AMOUNT_MALFORMED = “{ $text }” không phải là số tiền: chỉ viết chữ số và tối đa một dấu chấm, ví dụ 1234.50, không có dấu phân cách hàng nghìn hay ký hiệu tiền tệ
AMOUNT_TOO_FINE = “{ $text }” có nhiều chữ số lẻ hơn mức { $currency } cho phép: tối đa { $digits } chữ số sau dấu chấm
AMOUNT_TOO_LARGE = số tiền quá lớn
CURRENCY_MISMATCH = không thể cộng { $one } với { $other }: hãy quy đổi một trong hai trước
    .pool = quỹ thưởng tính bằng { $pool } còn các số tiền khác tính bằng { $other }: một quyết toán chỉ dùng một loại tiền
RATE_MALFORMED = “{ $text }” không phải là tỷ giá: chỉ viết chữ số và tối đa một dấu chấm, ví dụ 7.1234, tối đa 12 chữ số sau dấu chấm và tổng cộng 18 chữ số
RATE_NOT_POSITIVE = tỷ giá phải lớn hơn 0: hãy viết một đơn vị của loại tiền thứ nhất bằng bao nhiêu loại tiền thứ hai
RATE_MISSING = không có tỷ giá từ { $from } sang { $to } vào ngày { $day }: hãy dùng SetRates ghi tỷ giá có hiệu lực từ ngày đó hoặc trước đó, rồi làm lại
SPLIT_WITHOUT_PEOPLE = không có ai để chia
SPLIT_WITHOUT_WEIGHT = mọi trọng số đều bằng 0 nên không có căn cứ để chia
SPLIT_DUPLICATE_ID = một mã xuất hiện hai lần
SPLIT_WEIGHTS_TOO_LARGE = các trọng số quá lớn để tính chính xác: hãy chia tất cả cho cùng một số
ZONE_UNKNOWN = “{ $zone }” không phải là múi giờ IANA: hãy viết tên như Asia/Shanghai
TIME_MALFORMED = “{ $text }” không phải là thời điểm: hãy viết 2026-03-02T08:00:00+08:00, hoặc 2026-03-02 08:00:00 nếu là giờ địa phương
TIME_IN_GAP = ở { $zone } không có { $local }: đồng hồ đã được chỉnh tới bỏ qua thời điểm này
TIME_OUT_OF_RANGE = ngày nằm ngoài phạm vi cho phép
PERIOD_BACKWARDS = kỳ kết thúc vào { $to }, trước khi bắt đầu vào { $from }

## Sign-in

TOKEN_MISSING = hãy đăng nhập trước: yêu cầu không kèm mã Bearer
UNAUTHENTICATED = hãy đăng nhập trước
TOKEN_INVALID = mã truy cập không hợp lệ ở đây: hãy đăng nhập lại
TOKEN_EXPIRED = mã truy cập đã hết hạn: hãy đăng nhập lại
KEY_NOT_KNOWN_YET = ở đây chưa biết khóa của mã truy cập này: hãy thử lại sau giây lát
CLOCKS_DIFFER = đồng hồ của các máy chủ trong hệ thống lệch nhau: hãy thử lại sau giây lát
TOKEN_OF_ANOTHER_REGION = mã truy cập này do hệ thống của khu vực khác cấp: hãy đăng nhập ở đây
SESSION_ENDED = phiên đăng nhập này đã kết thúc: hãy đăng nhập lại
SIGN_IN_REFUSED = tên, mật khẩu hoặc mã không đúng; sau năm lần sai hãy chờ tối đa 15 phút
SECOND_FACTOR_NEEDED = hãy gửi mã mà ứng dụng xác thực hiển thị, hoặc một mã khôi phục
SECOND_FACTOR_WRONG = mã không đúng hoặc đã được dùng: hãy chờ mã tiếp theo và kiểm tra đồng hồ có đúng không
PASSWORD_MUST_CHANGE = mật khẩu này chỉ dùng cho một lần đăng nhập: hãy gửi kèm mật khẩu mới trong new_password
PASSWORD_WEAK = quá dễ đoán: hãy dùng bốn từ không liên quan đến nhau
    .why = quá dễ đoán ({ $why }): hãy dùng bốn từ không liên quan đến nhau
WEAK_BY_KEYBOARD = các phím nằm cạnh nhau bị đoán đầu tiên
WEAK_BY_REPEATS = lặp lại không làm cho khó đoán hơn
WEAK_BY_FAME = đây là một trong những mật khẩu được dùng nhiều nhất, hoặc gần giống
WEAK_BY_SEQUENCE = các chuỗi như abc hay 6543 bị đoán đầu tiên
WEAK_BY_DATE = năm và ngày tháng bị đoán đầu tiên
WEAK_BY_WORD = một từ hoặc một tên đứng riêng bị đoán đầu tiên
PASSWORD_UNUSABLE = từ 12 đến 256 ký tự
LOGIN_MALFORMED = từ 2 đến 100 ký tự gồm chữ cái, chữ số và . _ - @ +
LOGIN_TAKEN = tên đăng nhập này đã có người dùng
PERSON_HAS_LOGIN = nhân viên này đã có tài khoản đăng nhập: mỗi người chỉ có một
REFRESH_REFUSED = không có phiên đăng nhập này, hoặc phiên đã kết thúc: hãy đăng nhập lại
REFRESH_REUSED = mã làm mới này đã được dùng trước đó nên phiên đăng nhập đã bị kết thúc để bảo đảm an toàn: hãy đăng nhập lại
NO_PASSWORD = chủ thể này đăng nhập không cần mật khẩu
RESET_ONESELF = hãy đổi mật khẩu của chính mình bằng mật khẩu cũ: ChangePassword
LOGIN_HOLDS_MORE = tài khoản đăng nhập này có quyền { $permission } mà bạn không thể cấp: hãy nhờ người có thể cấp
SECOND_FACTOR_ALREADY_EXISTS = đã có yếu tố xác thực thứ hai: hãy gỡ bỏ trước
SECOND_FACTOR_MISSING = chưa có yếu tố xác thực thứ hai: hãy bắt đầu bằng EnrollTotp
API_KEY_REFUSED = không có khóa này, hoặc khóa đã hết hạn: hãy tạo khóa mới
TOO_MANY_KEYS = mỗi tài khoản có tối đa { $max } khóa còn hiệu lực: hãy thu hồi một khóa trước
KEY_LIFE_UNUSABLE = expires_at: phải là thời điểm trong tương lai, tối đa { $days } ngày nữa
PROVIDER_UNKNOWN = không có nhà cung cấp đăng nhập một lần nào mang tên này
PROVIDER_MALFORMED = từ 2 đến 50 ký tự a-z, 0-9 và -
PROVIDER_NAME_TAKEN = tập đoàn khác đã có nhà cung cấp mang tên này: hãy chọn tên khác
ADDRESS_MALFORMED = cần một địa chỉ bắt đầu bằng https:// (hoặc http:// trên loopback), không có # và không có tên người dùng
SSO_PROVIDER_AWAY = không thể hỏi nhà cung cấp danh tính, hoặc câu trả lời không hợp lệ: hãy thử lại sau giây lát
SSO_STATE_REFUSED = lần đăng nhập này đã hết hạn, hoặc được bắt đầu ở nơi khác: hãy bắt đầu lại
SSO_REFUSED = xác nhận của nhà cung cấp danh tính không được chấp nhận: hãy bắt đầu lại
SSO_LOGIN_UNKNOWN = nhà cung cấp danh tính biết bạn, nhưng ở đây bạn chưa có tài khoản đăng nhập: hãy yêu cầu quản trị viên tạo
EMPLOYMENT_ENDED = hôm nay bạn không đang làm việc: hãy hỏi bộ phận nhân sự của tập đoàn
MODULE_NOT_ENTITLED = tập đoàn không có mô-đun { $module }: hãy hỏi người vận hành hệ thống
TENANT_SUSPENDED = tập đoàn đang bị tạm ngừng: người vận hành hệ thống có thể mở lại
REGION_NOT_SERVED = dữ liệu của khu vực { $region } nằm trong hệ thống của khu vực đó: hãy gửi lệnh gọi này đến đó (hệ thống này phục vụ { $served })
    .file = tệp này dành cho khu vực { $region }: hãy nhập tại đó
FIELD_NOT_READABLE = { $field }: tìm theo trường này cần quyền { $permission }, mà bạn chưa được cấp
PERMISSION_DENIED = bạn không có quyền làm việc này: hãy yêu cầu cấp quyền
    .at_all = bạn chưa được cấp quyền { $permission }
    .here = bạn có quyền { $permission }, nhưng không phải ở đây
    .group = quyền { $permission } của bạn chỉ áp dụng cho một số đơn vị, còn không nêu đơn vị nghĩa là cả tập đoàn: hãy nêu đơn vị của bạn nếu lệnh gọi cho phép, nếu không hãy yêu cầu cấp quyền trên toàn tập đoàn
    .signed_in = việc này chỉ dành cho người đã đăng nhập
    .other_group = dịch vụ chỉ hỏi quyền của tập đoàn mà nó đang làm việc
FOUR_EYES_REQUIRED = việc này phải do người khác làm: ai đã tham gia bước trước, kể cả qua ủy quyền hoặc được ủy quyền, thì không được làm bước này

## The group, its units and its people

INITIALISED_ALREADY = kho dữ liệu này đã có tập đoàn: hãy đăng nhập, bắt đầu với kho dữ liệu trống, hoặc dùng thư mời
    .invited = thư mời này đã được dùng và tập đoàn đã có: hãy đăng nhập vào tập đoàn đó, hoặc xin người vận hành thư mời khác
INVITATION_INVALID = thư mời không phải của hệ thống này, hoặc không đầy đủ: hãy xin người vận hành thư mời khác
INVITATION_EXPIRED = thư mời đã hết hạn: hãy xin người vận hành thư mời khác
INVITED_ANOTHER = thư mời dành cho tập đoàn có mã khác
REGION_ALREADY_EXISTS = tập đoàn đã có khu vực { $region }
REGION_MALFORMED = tên khu vực gồm từ 1 đến 32 ký tự a-z, 0-9 và -, ví dụ cn-north
REGION_UNUSABLE = từ 1 đến 32 ký tự a-z, 0-9 và -, mỗi khu vực một lần
REGION_IS_GLOBAL = cần một khu vực, không phải cả tập đoàn
REGION_MISSING = tập đoàn có nhiều khu vực: hãy nêu khu vực của chi nhánh
    .from = hệ thống này phục vụ nhiều khu vực của tập đoàn: hãy nêu khu vực mà tệp rời đi trong from_region
    .switch = hệ thống này phục vụ nhiều khu vực của tập đoàn: hãy nêu khu vực mà tệp rời đi bằng --from REGION
REGION_UNKNOWN = tập đoàn không có khu vực “{ $region }”
REGION_DIFFERS = chi nhánh thuộc khu vực { $region }, và dữ liệu không chuyển giữa các khu vực
REGION_CROSSED = các đơn vị thuộc những khu vực khác nhau, và dữ liệu không chuyển giữa các khu vực
    .person = đơn vị thuộc khu vực khác, và dữ liệu không chuyển giữa các khu vực: hãy kết thúc kỳ làm việc ở đây và tuyển nhân viên ở đó với mã số của khu vực đó
    .manager = người quản lý thuộc khu vực khác, nơi không được đọc dữ liệu của khu vực này
SUSPENDED_ALREADY = tập đoàn đã bị tạm ngừng rồi
SUSPENDED_TOO_SHORT = chỉ được xóa tập đoàn sau khi tạm ngừng 30 ngày, sớm nhất là { $from }
NOT_SUSPENDED = tập đoàn đang hoạt động
NAME_DIFFERS = hãy nhập tên tập đoàn chính xác từng chữ để chắc chắn đúng tập đoàn
TENANT_DELETED = tập đoàn đã bị xóa
MODULE_UNKNOWN = “{ $name }” không phải là mô-đun; hiện có: { $known }
PSEUDONYM_ALREADY_EXISTS = nhân viên này đã có bí danh khác, và bí danh không đổi
PSEUDONYM_TAKEN = ở đây người khác đã có bí danh này: hãy xem đó là của ai
DIRECTORY_OLDER = đã nhập danh bạ mới hơn của khu vực này
UNIT_PATH_MALFORMED = cần từ 1 đến 16 tên nối bằng /, mỗi tên từ 1 đến 200 ký tự
UNIT_NAME_MALFORMED = từ 1 đến 200 ký tự, không có /
UNIT_UNKNOWN = không có đơn vị “{ $path }”: hãy nhập trước
    .was = vào { $day } không có đơn vị nào tên “{ $path }” vì đơn vị đã đổi tên, chuyển chỗ hoặc giải thể: hãy viết đường dẫn của đơn vị vào ngày đó
UNIT_DIFFERS =
    đơn vị này đã có với loại là { $kind ->
        [legal_entity] pháp nhân
        [branch] chi nhánh
        [department] phòng ban
        [team] nhóm
       *[group] tập đoàn
    }
UNIT_KIND_IS_ROOTS = chỉ đơn vị gốc mới là tập đoàn
UNIT_KIND_UNKNOWN = không có loại đơn vị này: hãy dùng chi nhánh, pháp nhân, phòng ban hoặc nhóm, hoặc để trống để dùng loại thông thường
UNIT_BEGINS_LATER = đơn vị này hoặc đơn vị cấp trên bắt đầu vào { $day }: hãy nêu một ngày từ đó trở đi
    .hired_on = “{ $path }” bắt đầu vào { $day }, sau hired_on
UNIT_CLOSES = đơn vị { $unit } giải thể vào { $day }: hãy chọn đơn vị khác hoặc ngày khác
    .into = đơn vị { $unit } giải thể vào { $day }, và nhân viên chuyển sang { $into }: hãy chọn đơn vị đó hoặc ngày khác
UNIT_HAD_NAME = cho đến { $day } ở đó có đơn vị tên “{ $name }”, nay đã có tên hoặc vị trí khác: hãy viết đường dẫn hiện tại (ListOrgUnits), hoặc nếu là đơn vị mới mang tên cũ thì nêu loại đơn vị (kind)
ROOT_STAYS = đơn vị gốc là tập đoàn: không thể thay đổi
ORG_CYCLE = đơn vị cấp trên mới nằm dưới đơn vị này, hiện nay hoặc theo lần chuyển đã lên kế hoạch
ORG_TOO_DEEP = cây đơn vị sẽ sâu hơn { $max } cấp, hiện nay hoặc theo lần chuyển đã lên kế hoạch
UNIT_NAME_TAKEN = vào những ngày đó đơn vị cấp trên đã có đơn vị “{ $name }”
UNIT_CHANGE_PLANNED = đơn vị có thay đổi vào { $day }: hãy nêu ngày đó hoặc muộn hơn
UNIT_CHANGE_BACKDATED = { $from } nằm trước tháng đang diễn ra: cấp trên cũ của đơn vị sẽ không còn thấy các ngày từ đó trở đi, kể cả những tháng đã chốt và đã chi trả, còn cấp trên mới sẽ thấy. Hãy nêu { $first } hoặc ngày muộn hơn, hoặc nêu backdated nếu thực tế đã như vậy từ ngày đó
UNIT_HAS_CHILDREN = khi đó “{ $name }” vẫn trực thuộc đơn vị này: hãy chuyển hoặc giải thể nó trước, hoặc hợp nhất đơn vị này
UNIT_HAS_PEOPLE = khi đó đơn vị còn { $count } kỳ làm việc: hãy nêu nơi chuyển đến trong move_people_to
MERGED_INTO_ITSELF = hãy nêu một hoặc nhiều đơn vị cần hợp nhất, mỗi đơn vị một lần, và một đơn vị khác được giữ lại
PEOPLE_TO_NOWHERE = đơn vị mà nhân viên chuyển đến phải là chi nhánh hoặc cấp dưới và không được giải thể vào ngày đó
UNIT_HAS_NO_REGION = nhân viên phải thuộc chi nhánh hoặc cấp dưới, không thuộc thẳng tập đoàn
PERSON_DIFFERS = mã nhân viên này đã có với { $field } khác
EARLIER_ROW_REFUSED = một dòng trước của mã số này đã bị từ chối và dòng này nối tiếp dòng đó: hãy sửa dòng trước rồi gửi lại cả hai
PERSON_OUT_OF_REACH = hôm nay hoặc vào một ngày kể từ ngày đầu tiên, đơn vị này nằm ngoài phạm vi bạn được ghi: hãy bỏ dòng này, hoặc nhờ người có quyền với mọi ngày đó gửi
EMPLOYMENT_OVERLAPS = kỳ làm việc từ { $day } của nhân viên trùng với một số ngày này: hãy kết thúc kỳ đó trước
NOT_EMPLOYED = nhân viên không đang làm việc vào { $day }
MANAGER_NOT_EMPLOYED = người quản lý không đang làm việc vào { $day }: hãy chọn người khác
ENDS_ALREADY = kỳ làm việc đã kết thúc vào { $day }
    .line = tuyến báo cáo đã kết thúc vào { $day }
EMPLOYMENT_KIND_UNKNOWN = “{ $text }” không phải là hình thức làm việc: hãy dùng full_time, part_time, fixed_term, intern, agency, outsourced hoặc freelance
NOT_IN_CATALOGUE = { $field }: danh mục của tập đoàn không có “{ $code }” vào { $day }: hãy nhập trước, hoặc chọn mục khác
EMPLOYMENT_CHANGE_PLANNED = kỳ làm việc có thay đổi vào { $day }: hãy nêu ngày đó hoặc muộn hơn, hoặc hủy thay đổi đó
NOTHING_PLANNED = vào { $day } kỳ làm việc không có thay đổi nào còn có thể hủy
HOME_ENDS = đây là kỳ làm việc chính; EndEmployment sẽ kết thúc nó cùng mọi thứ đi kèm
START_TOO_LATE = có nội dung của kỳ này hoặc đi kèm vào { $day }, trước ngày bắt đầu mới: hãy sửa nội dung đó trước
OUTLASTS_HOME = kỳ làm việc chính kết thúc vào { $day }: kiêm nhiệm và nghỉ phép phải kết thúc chậm nhất cùng ngày
LEAVE_OVERLAPS = kỳ nghỉ phép từ { $day } của nhân viên trùng với một số ngày này: hãy kết thúc kỳ nghỉ đó trước
POST_KIND_MISSING = concurrent (kiêm nhiệm) hoặc secondment (biệt phái): kỳ làm việc chính có được qua tuyển dụng, điều chuyển hoặc tuyển lại
EMPLOYEE_NO_TAKEN = người khác đã có mã nhân viên này
ID_NUMBER_TAKEN = người khác trong khu vực này đã có số này
ID_NUMBER_INVALID = số giấy tờ có từ 1 đến 64 ký tự, không có ký tự điều khiển
ID_NUMBER_CHECKSUM = chữ số cuối của số căn cước này không khớp với các chữ số khác: hãy xem lại thẻ
LINE_KIND_MISSING = nét liền (solid) hoặc nét đứt (dotted)
REPORTING_CYCLE = vào { $day } người quản lý này lại báo cáo cho nhân viên, trực tiếp hoặc qua người khác
LINE_CHANGE_PLANNED = một tuyến nét liền khác bắt đầu vào { $day }: hãy kết thúc tuyến đó, hoặc nêu ngày cuối cùng trước đó
LINE_THERE_ALREADY = tuyến báo cáo { $id } đã như vậy vào một số ngày này
RATE_OF_ITSELF = một loại tiền luôn bằng chính nó: hãy nêu loại tiền khác
SUPERSEDED_AND_KNOWN_AT = hãy hỏi điều đã biết tại một thời điểm, hoặc toàn bộ lịch sử, chỉ một trong hai
KIND_MISSING = hãy cho biết đây là vị trí hay cấp bậc
RANK_UNUSABLE = cấp bậc có thứ tự từ 1 trở lên, vị trí thì không có
ENTRY_CHANGE_PLANNED = mã này có mục từ { $day } trở đi: hãy kết thúc trước ngày đó, hoặc bắt đầu vào ngày đó

## Access

HOURS_MALFORMED = khung giờ là hai thời điểm khác nhau, ví dụ 08:00-20:00
SCOPE_MALFORMED = self, reports và tenant không nêu đối tượng; unit, subtree và legal_entity nêu đơn vị; region nêu khu vực
REACH_MISSING = hãy cho biết phạm vi áp dụng
PERMISSION_UNKNOWN = “{ $text }” không phải là quyền của phiên bản này
ROLE_UNKNOWN = không có vai trò “{ $role }”
    .own = tập đoàn không có vai trò tự tạo tên “{ $role }”
SCOPE_NOT_FOR_ROLE = vai trò { $role } không được cấp theo phạm vi { $scope }
NOT_A_LEGAL_ENTITY = { $unit } không phải là pháp nhân
NO_PERSON = tài khoản đăng nhập này không thuộc nhân viên nào: hãy nêu đơn vị hoặc khu vực
    .punching = chỉ chính nhân viên mới chấm công và bàn giao tài khoản: hãy đăng nhập bằng tài khoản đăng nhập thuộc một nhân viên
    .claiming = chỉ chính nhân viên mới tự nhận hội thoại: hãy đăng nhập bằng tài khoản đăng nhập thuộc một nhân viên
DUTIES_SEPARATED = không ai được có cả { $a } và { $b }: hãy cấp cho người khác
    .role = không vai trò nào được gồm cả { $a } và { $b }: hãy tách thành hai vai trò
    .holder = { $principal } có vai trò này và sẽ có cả { $a } và { $b }: hãy thu hồi một trong hai trước
    .delegated = không ai được có cả { $a } và { $b }, dù chỉ một ngày: hãy ủy quyền cho người khác
GRANTED_ALREADY = lượt cấp quyền { $id } đã cấp quyền này vào những ngày đó
GRANT_NOT_HELD = bạn không được cấp quyền { $permission } ở đó nên không thể cấp lại cho người khác
GRANT_TO_ONESELF = không ai tự cấp cho mình quyền mình không có: hãy nhờ quản trị viên khác
    .role = bạn có vai trò này nhưng không có { $permission }: hãy nhờ quản trị viên khác
REVOKED_ALREADY = lượt cấp quyền này đã bị thu hồi
PRINCIPAL_OR_LOGIN = hãy nêu chủ thể hoặc tài khoản đăng nhập, một trong hai
LAST_ADMINISTRATOR = khi đó sẽ không còn ai cấp được vai trò: hãy cấp group_admin cho người khác trước
ROLE_NAME_MALFORMED = từ 2 đến 64 ký tự a-z, 0-9 và _
ROLE_NAME_RESERVED = tên này thuộc một vai trò có sẵn hoặc một dịch vụ: hãy chọn tên khác
ROLE_EMPTY = hãy nêu ít nhất một quyền và một phạm vi
ROLE_FOR_SERVICES = { $permission } chỉ dành cho các dịch vụ của hệ thống
ROLE_IN_USE = có { $count } lượt cấp quyền dùng vai trò này: hãy thu hồi trước
DELEGATION_EMPTY = hãy nêu ít nhất một quyền
DELEGATION_TIME = phải kết thúc sau khi bắt đầu, và trong tương lai
DELEGATION_TOO_LONG = tối đa 90 ngày: nếu cần lâu hơn, hãy nhờ người cấp vai trò
DELEGATION_TO_ONESELF = hãy nêu người khác
DELEGATION_ENDED = ủy quyền đã kết thúc
PERMISSION_NOT_DELEGABLE = { $permission } không bao giờ được ủy quyền
BREAK_GLASS_EMPTY = hãy nêu các quyền cần mở
PERMISSION_NOT_OPENED = quyền khẩn cấp không mở được { $permission }: quyền về phân quyền và các nhiệm vụ phải tách biệt vẫn giữ nguyên
BREAK_GLASS_SCOPE = hãy nêu đơn vị, khu vực hoặc tập đoàn, không phải self hay reports
BREAK_GLASS_REASON = hãy cho biết đã xảy ra chuyện gì, ít nhất 20 ký tự
BREAK_GLASS_TIME = từ 1 đến 60 phút
BREAK_GLASS_OPEN = quyền khẩn cấp { $id } của bạn đang mở: hãy kết thúc trước
    .unreviewed = quyền khẩn cấp vẫn đang mở: hãy kết thúc rồi mới rà soát
BREAK_GLASS_ENDED = quyền khẩn cấp đã kết thúc
BREAK_GLASS_NO_STREAMS = quyền khẩn cấp không mở luồng dữ liệu: hãy lấy từng trang một
REVIEWED_ALREADY = đã được rà soát rồi
ALLOWED_BY_ROLE = vai trò { $role } cho quyền { $permission } ở đây
ALLOWED_BY_DELEGATION = { $permission } được ủy quyền hoặc được mở khẩn cấp: hãy xem bởi ai
REFUSED_HERE = vai trò { $role } cho quyền { $permission }, nhưng không phải ở đây
REFUSED_BY_CONDITION = vai trò { $role } chỉ cho quyền { $permission } ở đây khi có yếu tố xác thực thứ hai hoặc vào giờ khác
REFUSED_TODAY = vai trò { $role } cho quyền { $permission } ở đây, nhưng không phải hôm nay
REFUSED_WITHOUT_MODULE = tập đoàn không có mô-đun của { $permission }
REFUSED_WITHOUT_GRANT = không lượt cấp quyền nào cho { $permission }; các vai trò có quyền này: { $roles }

## Privacy

SUBJECT_IN_PART = đối tượng phải có loại và mã
LEGAL_HOLD = đang có lệnh lưu giữ pháp lý: phải gỡ bỏ trước, xem ListHolds
HOLD_LIFTED = lệnh lưu giữ này đã được gỡ bỏ
RETENTION_KIND_UNKNOWN = “{ $kind }” không phải là loại dữ liệu: ListRetention liệt kê tất cả
RETENTION_OUT_OF_BOUNDS = loại này được lưu giữ từ { $min } đến { $max } tháng
RETENTION_RUNS = dữ liệu mà pháp luật yêu cầu lưu giữ về nhân viên này được giữ đến { $day }: hãy yêu cầu lại sau ngày đó
PERSON_ERASED = dữ liệu của nhân viên này đã bị xóa: không thể ghi gì thêm; ai quay lại làm việc là một nhân viên mới
STILL_EMPLOYED = chỉ được xóa dữ liệu của người đã nghỉ việc: hãy kết thúc kỳ làm việc trước
ERASURE_ALREADY_EXISTS = đã có yêu cầu xóa { $id } cho nhân viên này
OWN_ERASURE = không ai tự phê duyệt việc xóa dữ liệu của chính mình: phải do người khác phê duyệt
ERASED_ALREADY = yêu cầu xóa đã được phê duyệt
ERASURE_DROPPED = yêu cầu đã được rút lại hoặc bị từ chối: hãy yêu cầu xóa lại từ đầu
ERASURE_NOT_APPROVED = chưa có ai phê duyệt
NOT_A_SERVICE = chỉ dịch vụ có lưu dữ liệu cá nhân mới báo cáo về việc xóa

## How long data are kept, counted from when and why

KEPT_FROM_ALIASES = ngày cuối cùng của biệt danh hoặc thiết bị
KEPT_BECAUSE_ALIASES = khi tiền lương còn có thể bị khiếu nại, phải chứng minh được bản ghi nào được ghi nhận cho ai
KEPT_FROM_DUTY = thời điểm chấm công hoặc bàn giao, lúc kết thúc ca
KEPT_BECAUSE_DUTY = hồ sơ tiền lương và căn cứ của nó: hai năm (Quy định tạm thời về chi trả tiền lương)
KEPT_FROM_PAY = ngày lập bảng kê
KEPT_BECAUSE_PAY = hồ sơ khấu trừ thuế thu nhập: năm năm; hồ sơ tiền lương: hai năm
KEPT_FROM_PERSON = lúc kết thúc kỳ làm việc cuối cùng
KEPT_BECAUSE_PERSON = hợp đồng lao động đã chấm dứt: hai năm (Luật Hợp đồng lao động)
KEPT_FROM_SESSIONS = ngày chậm nhất mà phiên đăng nhập kết thúc
KEPT_BECAUSE_SESSIONS = nhật ký sử dụng mạng: sáu tháng (Luật An ninh mạng)
KEPT_FROM_RECORDS = lúc bắt đầu bản ghi
KEPT_BECAUSE_RECORDS = các bản ghi làm căn cứ trả lương, khi còn có thể bị khiếu nại
KEPT_FROM_RESULTS = ngày lập kết quả; với phần ghi nhận, là lúc bắt đầu bản ghi
KEPT_BECAUSE_RESULTS = điểm làm căn cứ trả lương: lâu như hồ sơ khấu trừ thuế thu nhập
KEPT_FROM_REQUESTS = lúc yêu cầu
KEPT_BECAUSE_REQUESTS = yêu cầu gửi lại sẽ nhận đúng câu trả lời đầu tiên; ngoài ra không cần gì thêm
KEPT_FROM_EVIDENCE = ngày lập căn cứ
KEPT_BECAUSE_EVIDENCE = nội dung mà hồ sơ năng lực tổng hợp; pháp luật không yêu cầu

## The suite

OVERLOADED = quá nhiều lệnh gọi cùng lúc: hãy thử lại sau giây lát
RATE_LIMITED = quá nhiều lệnh gọi: hãy thử lại sau giây lát
DEADLINE_EXCEEDED = lệnh gọi kéo dài hơn thời gian cho phép
STALE = người khác đã thay đổi sau khi bạn đọc: hãy đọc lại rồi thực hiện lại thay đổi
STORE_BUSY = người khác vừa thay đổi cùng lúc; hãy thử lại
STORE_UNAVAILABLE = hiện không kết nối được kho dữ liệu; hãy thử lại sau ít phút
STORE_DAMAGED = cơ sở dữ liệu của một dịch vụ bị hỏng và thử lại cũng không ích gì: người vận hành cần dừng dịch vụ, xem mức độ hư hỏng (SQLite: PRAGMA integrity_check; PostgreSQL: pg_amcheck) và khôi phục cơ sở dữ liệu từ bản sao lưu
    .server = dữ liệu của { $service } trong cơ sở dữ liệu { $database } tại { $at } bị hỏng: hãy dừng dịch vụ, xem mức độ hư hỏng (pg_amcheck) và khôi phục cơ sở dữ liệu từ bản sao lưu; chưa có gì trong đó bị thay đổi
STORE_READ_ONLY = cơ sở dữ liệu của một dịch vụ hiện chỉ đọc được và chưa có gì bị thay đổi: người vận hành cần trả lại quyền ghi (SQLite: tệp và thư mục của nó; PostgreSQL: máy chủ nhận ghi, không phải máy dự phòng); sau đó hãy làm lại
    .server = PostgreSQL của { $service } tại { $at } không nhận ghi: đó là máy dự phòng, hoặc default_transaction_read_only đang bật. Hãy nêu máy chủ nhận ghi trong { $setting }
PEER_UNAVAILABLE = một dịch vụ mà lệnh gọi này cần đang không dùng được: hãy thử lại sau giây lát
PEER_REFUSES_SERVICE = một dịch vụ mà lệnh gọi này cần chưa biết dịch vụ này: hãy thử lại sau giây lát
PEER_ADDRESS_INVALID = { $address } không phải là địa chỉ dịch vụ: hãy viết http://host:port hoặc https://host:port
PEER_CERTIFICATE_UNKNOWN = chứng chỉ của máy chủ do một tổ chức không được tin cậy ở đây ký: hãy nêu tệp của tổ chức đó (--ca, hoặc client.authority trong thiết lập), hoặc kiểm tra xem có đúng máy chủ không
PEER_CERTIFICATE_FOR_ANOTHER = chứng chỉ của máy chủ dành cho tên khác: hãy gọi máy chủ bằng tên có trong chứng chỉ
PEER_CERTIFICATE_OUT_OF_DATE = chứng chỉ của máy chủ hiện không có hiệu lực: người vận hành cần gia hạn, trừ khi đồng hồ của máy này sai
PEER_WANTS_CERTIFICATE = máy chủ yêu cầu chứng chỉ của bên gọi: hãy nêu chứng chỉ của bạn (--client-cert và --client-key, hoặc client.certificate và client.key trong thiết lập)
PEER_REFUSES_CERTIFICATE = máy chủ không chấp nhận chứng chỉ được đưa ra: hãy hỏi người vận hành tổ chức nào ký chứng chỉ của bên gọi
    .expired = chứng chỉ đưa cho máy chủ đã hết hạn: hãy xin chứng chỉ mới từ nơi đã ký và nêu chứng chỉ đó (--client-cert và --client-key, hoặc client.certificate và client.key trong thiết lập)
    .revoked = chứng chỉ đưa cho máy chủ đã bị thu hồi: hãy xin chứng chỉ mới từ nơi đã ký và nêu chứng chỉ đó (--client-cert và --client-key, hoặc client.certificate và client.key trong thiết lập)
PEER_SPEAKS_PLAINTEXT = địa chỉ bắt đầu bằng https:// nhưng máy chủ ở đó không dùng TLS: hãy viết http://, hoặc hỏi người vận hành cổng đúng
PEER_SPEAKS_TLS = địa chỉ bắt đầu bằng http:// nhưng máy chủ ở đó dùng TLS: hãy viết https://
PEER_TLS_FAILED = không thể tạo kết nối mã hóa: { $why }
CERTIFICATE_KEY_MISMATCH = chứng chỉ và khóa riêng không khớp nhau: hãy nêu khóa được tạo cho chứng chỉ này (--client-key hoặc client.key của bên gọi, server.tls_key của máy chủ)
PEER_CERTIFICATES_UNUSABLE = không dùng được các chứng chỉ cho máy chủ này: { $why }. Hãy nêu tệp của tổ chức đã ký chứng chỉ của máy chủ (--ca, hoặc client.authority)
PEER_FAILED = một dịch vụ mà lệnh gọi này cần đã từ chối
DEADLINE_MALFORMED = grpc-timeout gồm tối đa 8 chữ số và một trong các đơn vị H M S m u n
REQUEST_CUT_OFF = yêu cầu bị ngắt giữa chừng
REQUEST_UNREADABLE = không đọc được yêu cầu như thông điệp của rpc này: hãy kiểm tra bên gọi và máy chủ có cùng hợp đồng giao tiếp (proto/) không, và văn bản có phải UTF-8 không
    .envelope = yêu cầu không phải là luồng thông điệp theo phong bì của Connect: một byte cờ (0, hoặc 1 nếu thông điệp được nén), bốn byte độ dài, rồi đến thông điệp
    .compressed = không giải nén được yêu cầu: cách nén không đúng như đã nêu ({ $said })
ONE_MESSAGE_WANTED = lệnh gọi này nhận đúng một thông điệp, mà yêu cầu có { $sent }
REQUEST_TOO_LARGE = yêu cầu lớn hơn { $max } byte: hãy gửi ít dòng hơn mỗi lần
ANSWER_TOO_LARGE = câu trả lời lớn hơn { $max } byte: hãy lấy ít dòng hơn mỗi lần (page_size), hoặc thu hẹp lựa chọn
REQUEST_COMPRESSED = yêu cầu đã bị nén: hãy gửi không nén (grpc-encoding identity)
    .unknown = ở đây không đọc được cách nén { $said }: hãy gửi yêu cầu nén bằng gzip, hoặc không nén
TEXT_WITH_NUL = hãy bỏ ký tự NUL (U+0000): văn bản không được chứa ký tự này
METHOD_UNKNOWN = ở đây không có phương thức này: hãy kiểm tra tên, và xem bên gọi và máy chủ có cùng bản phát hành không
SERVICE_ELSEWHERE = tiến trình tại địa chỉ này không chạy dịch vụ { $service }: hãy hỏi tiến trình đang chạy; dịch vụ và lệnh tally tìm nó qua peers.{ $service } trong thiết lập
PROBLEM_TITLE =
    { $status ->
        [400] Yêu cầu không đúng
        [401] Chưa đăng nhập
        [403] Không được phép
        [404] Không tìm thấy
        [405] Phương thức không được phép
        [409] Xung đột
        [412] Đã bị thay đổi
        [413] Quá lớn
        [415] Kiểu nội dung không được hỗ trợ
        [429] Quá nhiều yêu cầu
        [431] Tiêu đề quá lớn
        [499] Đã hủy
        [501] Không cung cấp ở đây
        [503] Không dùng được
        [504] Hết thời gian
       *[other] Lỗi nội bộ
    }
PATH_UNKNOWN = ở đây không có đường dẫn { $path }: danh sách đường dẫn có trong /openapi.json
HTTP_METHOD_WRONG = đường dẫn này không hỗ trợ { $method }: hãy dùng { $allowed }
MEDIA_TYPE_WRONG = phần thân phải là JSON (Content-Type: application/json), nhưng đã gửi { $said }
    .rpc = lệnh gọi này nhận { $taken } (Content-Type), nhưng đã gửi { $said }
BODY_TOO_LARGE = phần thân lớn hơn { $limit } byte: hãy gửi ít dòng hơn mỗi lần
BODY_BROKE_OFF = phần thân của yêu cầu bị ngắt giữa chừng
BODY_TOO_SLOW = phần thân của yêu cầu gửi quá lâu: hãy gửi nhanh hơn, hoặc chia nhỏ hơn
BODY_NOT_READ = lệnh gọi này không đọc phần thân: tham số nằm trong đường dẫn và sau dấu ?
BODY_NO_OBJECT = phần thân phải là một đối tượng JSON
HEADERS_TOO_LARGE = các tiêu đề của yêu cầu lớn hơn { $limit } byte, hoặc nhiều hơn { $most }: hãy gửi ít hơn, hoặc ngắn hơn
BODY_NO_JSON = từ dòng { $line }, cột { $column }, phần thân không còn là JSON
    .early = phần thân kết thúc giữa chừng JSON
    .deep = phần thân có hơn 127 cấp danh sách và đối tượng
    .twice = một đối tượng của phần thân có tên { $name } hai lần
FIELD_UNREADABLE = không đọc được: hãy viết { $expected }
    .unknown = không có trường này
    .twice = được nêu hai lần, là { $one } và { $other }: hãy bỏ một trong hai
    .choice = chỉ nêu một trong các trường { $fields }
    .encoding = phần mã hóa phần trăm không phải là văn bản UTF-8
    .precision = giây của một thời điểm có tối đa chín chữ số lẻ
    .second = giây được viết từ 00 đến 59
    .digits = có quá nhiều chữ số cho một số có phần lẻ hoặc số mũ: hãy viết thành văn bản
VALUE_EXPECTED = một giá trị đúng loại
    .yes_or_no = true hoặc false
    .whole = một số nguyên từ { $least } đến { $most }
    .number = một số
    .text = một văn bản, trong dấu ngoặc kép
    .bytes = một văn bản base64
    .instant = một thời điểm từ năm 1 đến năm 9999, ví dụ 2026-03-02T09:00:00Z
    .duration = số giây, ví dụ 600s
    .name = một trong { $names }
    .object = một đối tượng
    .list = một danh sách
FIELD_SAID_TWICE = được nêu hai lần với giá trị khác nhau: hãy bỏ khỏi phần thân hoặc khỏi phần truy vấn
CONNECT_QUERY_WRONG = phải là v1
    .missing = còn thiếu
    .base64 = không phải là base64 dùng cho địa chỉ
QUERY_UNKNOWN = không phải là tham số của lệnh gọi này: danh sách tham số có trong /openapi.json; thông tin cá nhân hãy đặt trong phần thân
HEADER_NOT_READ = lệnh gọi này không đọc được tiêu đề { $header }: hãy bỏ tiêu đề đó
    .several = tiêu đề { $header } chỉ được có một thẻ thực thể, trong dấu ngoặc kép, hoặc *
ANSWER_HAS_NO_FIELD = câu trả lời không có trường { $field }
DOCS_PAGE = Các lệnh gọi của Tally
    .lead = Mọi lệnh gọi của hệ thống qua HTTP với JSON, lập từ chính bảng mà bộ định tuyến dùng. Phần giải thích lấy nguyên văn tiếng Anh từ hợp đồng giao tiếp.
    .how = Cách viết
    .machine = nội dung này dành cho chương trình, OpenAPI 3.1
    .count = { $count } lệnh gọi
    .permission = Cần quyền
    .session = Cần phiên đăng nhập, không cần quyền nào.
    .nobody = Không cần đăng nhập.
    .parameters = Tham số
    .body = Phần thân
    .lines = Phần thân: mỗi dòng một đối tượng như vậy
    .answer = Câu trả lời
    .stream = Câu trả lời: mỗi dòng một đối tượng như vậy, hoặc mỗi đối tượng một sự kiện
    .refusals = Từ chối
    .example = Ví dụ
    .required = bắt buộc
    .filled = do máy chủ điền
    .values = Một trong
    .shapes = Đối tượng
    .in_path = trong đường dẫn
    .in_query = sau dấu ?
    .in_header = tiêu đề
REQUEST_ID_INVALID = request_id có tối đa { $max } ký tự; tốt nhất là UUID
REQUEST_ID_REUSED = request_id này thuộc một yêu cầu trước có nội dung khác: hãy dùng mã mới
LEASE_LOST = một tiến trình khác đã tiếp nhận công việc này; kết quả của lần này không được giữ lại

## For whoever operates the suite

PORT_TAKEN = không thể lắng nghe tại { $address }: { $cause }; hãy chọn địa chỉ khác bằng --listen hoặc TALLY_SERVER_LISTEN
HTTP_PORT_TAKEN = cổng giao tiếp (gateway) không thể lắng nghe tại { $address }: { $cause }; hãy chọn địa chỉ khác bằng --http hoặc TALLY_SERVER_HTTP, hoặc bỏ gateway khỏi --services
DATABASE_URL_INVALID = URL cơ sở dữ liệu phải bắt đầu bằng sqlite:// hoặc postgres://
    .server = không đọc được { $setting }: cần dạng postgres://ROLE:PASSWORD@HOST:PORT/DATABASE, trong đó các ký tự / ? # @ % của mật khẩu được viết là %2F %3F %23 %40 %25
    .file = không đọc được { $setting }: cần dạng sqlite://FOLDER/{ "{" }service{ "}" }.db, hoặc sqlite:///FOLDER/{ "{" }service{ "}" }.db nếu thư mục bắt đầu bằng / hoặc tên có ký tự ngoài chữ cái và chữ số thường
STORE_AWAY = không kết nối được PostgreSQL của { $service } tại { $at }: { $why }. Hãy kiểm tra nó có đang chạy ở đó không, hoặc sửa máy chủ và cổng trong { $setting }
STORE_SIGN_IN_REFUSED = PostgreSQL tại { $at } từ chối đăng nhập của { $user }: không có vai trò này, hoặc mật khẩu khác. Hãy đặt mật khẩu đúng vào { $setting }, hoặc chạy `tally migrate` với URL của chủ sở hữu để tạo vai trò và đặt mật khẩu đó
    .owner = PostgreSQL tại { $at } từ chối đăng nhập của { $user }: không có vai trò này, hoặc mật khẩu khác. Hãy sửa vai trò và mật khẩu trong { $setting }
    .rule = PostgreSQL tại { $at } không cho { $user } vào { $database } từ máy này theo cách này: pg_hba.conf không có quy tắc nào cho phép. Nếu nó yêu cầu TLS, hãy viết sslmode=require vào { $setting }; nếu không, nhờ người vận hành thêm quy tắc
STORE_DATABASE_MISSING = không có cơ sở dữ liệu { $database } tại { $at }: hãy sửa tên trong { $setting }, hoặc nhờ chủ máy chủ tạo (CREATE DATABASE { $database })
STORE_PARAMETER_REFUSED = PostgreSQL tại { $at } không nhận các tham số của kết nối; nó trả lời: { $says }. Hãy sửa phần sau dấu ? trong { $setting }; nếu đó là PgBouncer, người vận hành có thể cho qua (ignore_startup_parameters trong pgbouncer.ini)
STORE_TLS_FAILED = không tạo được kết nối mã hóa đến PostgreSQL tại { $at } ({ $why }): hãy sửa sslmode và sslrootcert trong { $setting }, hoặc nhờ người vận hành máy chủ sửa chứng chỉ
    .none = { $setting } yêu cầu TLS (sslmode) nhưng PostgreSQL tại { $at } không dùng TLS: hãy nhờ người vận hành bật lên (ssl = on), hoặc bỏ sslmode nếu không có ai khác trên mạng
STORE_RIGHT_MISSING = { $user } thiếu các quyền mà { $service } cần trong cơ sở dữ liệu { $database } tại { $at }: hãy chạy `tally migrate` với URL của chủ sở hữu để cấp các quyền đó
    .owner = { $user } không được tạo schema, vai trò và bảng trong cơ sở dữ liệu { $database } tại { $at }: hãy nêu trong { $setting } một vai trò sở hữu cơ sở dữ liệu và được tạo vai trò (CREATEROLE), hoặc một siêu người dùng
DATABASE_ROLE_OF_ANOTHER = { $service } đăng nhập bằng { $user }, nhưng dữ liệu của nó chỉ dành cho vai trò { $login }: hãy viết vai trò là tally_{ "{" }service{ "}" } trong { $setting } (postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE)
DATABASE_IN_USE = cơ sở dữ liệu { $database } đã có dữ liệu của tally (schema { $schema }), mà ở đây cần một cơ sở dữ liệu trống: hãy tạo mới (CREATE DATABASE) và nêu bằng { $setting }; chưa có gì bị thay đổi
STORE_FILE_DAMAGED = tệp { $file } bị hỏng hoặc không phải là cơ sở dữ liệu SQLite: hãy khôi phục từ bản sao lưu, hoặc nêu nơi khác bằng { $setting }; chưa có gì trong đó bị thay đổi. Mức độ hư hỏng xem bằng sqlite3 với PRAGMA integrity_check
STORE_FILE_UNUSABLE = không mở được tệp { $file } để đọc và ghi: { $why }. Hãy cấp cho người dùng của tiến trình này quyền với tệp và thư mục, hoặc nêu nơi khác bằng { $setting }
    .read_only = tệp { $file } chỉ đọc được, mà kho dữ liệu cần ghi: hãy cấp cho người dùng của tiến trình này quyền ghi tệp và thư mục, hoặc bỏ mode=ro khỏi { $setting } nếu có
STORE_DISK_FULL = ổ đĩa của { $at } đã đầy: hãy giải phóng dung lượng rồi làm lại
    .serving = ổ đĩa chứa cơ sở dữ liệu của một dịch vụ đã đầy và chưa có gì bị thay đổi: người vận hành cần giải phóng dung lượng; sau đó hãy làm lại
STORE_DISK_FAILS = ổ đĩa của { $at } báo lỗi: nhật ký của máy đó cho biết lỗi gì; hãy sửa hoặc thay ổ đĩa, rồi kiểm tra dữ liệu còn nguyên vẹn trước khi tiếp tục
    .serving = ổ đĩa chứa cơ sở dữ liệu của một dịch vụ báo lỗi và chưa có gì bị thay đổi: người vận hành cần xem nhật ký của máy đó; sau đó hãy làm lại
DATABASE_ROLE_TOO_POWERFUL = URL cơ sở dữ liệu của { $service } đăng nhập bằng { $user }, là { $power }: bảo mật cấp dòng sẽ không có tác dụng. Hãy đặt vai trò { $login } vào URL (postgres://tally_{ "{" }service{ "}" }@host/database); `tally migrate` với URL của chủ sở hữu sẽ tạo vai trò này
POWER_SUPERUSER = siêu người dùng
POWER_BYPASSRLS = vai trò có BYPASSRLS
POWER_OWNER = chủ sở hữu các bảng
SCHEMA_BEHIND = schema của { $service } chậm { $count } bước di chuyển (bước tiếp theo là { $next }): hãy chạy `tally migrate` với URL của chủ sở hữu
SCHEMA_AHEAD = kho dữ liệu của { $service } đã được một phiên bản tally mới hơn cập nhật (phiên bản này không biết { $migration }): hãy chạy phiên bản đó hoặc mới hơn, hoặc khôi phục bản sao lưu trước khi cập nhật
TENANT_NOT_HERE = kho dữ liệu này là tệp SQLite, chỉ chứa một tập đoàn, và là tập đoàn khác; nhiều tập đoàn cần PostgreSQL (TALLY_DATABASE_URL=postgres://...), nơi chúng được tách biệt bằng bảo mật cấp dòng
STORE_OF_ANOTHER_SERVICE = tệp SQLite của { $service } chính là tệp của { $owner }: hãy đặt { "{" }service{ "}" } vào URL (sqlite://dir/{ "{" }service{ "}" }.db)
SERVICE_NAME_INVALID = “{ $service }” không thể là tên dịch vụ: tối đa 32 ký tự a-z và _
HEADS_UNREADABLE = không đọc được tệp đầu chuỗi đã ký { $file }: { $cause }
HEADS_UNWRITABLE = không ghi được các đầu chuỗi đã ký của nhật ký vào { $file }: { $cause }. Hãy dùng audit.heads_directory nêu thư mục mà người dùng của tiến trình này được ghi
KEYS_UNUSABLE = không dùng được tệp khóa { $file }: { $cause }. Hãy khôi phục từ bản sao lưu, hoặc trỏ keys.directory đến đúng thư mục; nội dung đã niêm phong không mở được bằng khóa khác
    .missing = không có tệp khóa { $file }: hãy trỏ keys.directory đến đúng thư mục, hoặc khôi phục từ bản sao lưu; nội dung đã niêm phong không mở được bằng khóa khác
    .closed = không dùng được tệp khóa { $file }: { $cause }. Người dùng của tiến trình này phải đọc được tệp với tư cách chủ sở hữu (mode 0400), hoặc qua nhóm (0440, trên Kubernetes với fsGroup)
    .unwritable = không ghi được tệp khóa { $file }: { $cause }. Hãy cho người dùng của tiến trình này ghi vào thư mục của tệp, hoặc nêu thư mục khác bằng keys.directory
    .signing = không dùng được khóa { $file }: { $cause }. Hãy khôi phục từ bản sao lưu, hoặc trỏ keys.directory đến đúng thư mục. Nếu không có bản sao lưu, hãy dời nó đi: lần khởi động sau sẽ tạo khóa mới, ai đang đăng nhập phải đăng nhập lại, và các hệ thống khác tin khóa cũ cần tệp .pub mới
    .closed_signing = không dùng được khóa { $file }: { $cause }. Người dùng của tiến trình này phải đọc được tệp với tư cách chủ sở hữu (mode 0400), hoặc qua nhóm (0440, trên Kubernetes với fsGroup)
    .public = không dùng được khóa công khai { $file }: { $cause }. Hãy sao chép lại từ dịch vụ có khóa này; khóa công khai nằm cạnh tệp .key của nó có thể xóa đi, dịch vụ sẽ ghi lại khi khởi động
    .folder = không dùng được thư mục khóa { $file }: { $cause }. Hãy cho người dùng của tiến trình này đọc và ghi thư mục, hoặc nêu thư mục khác bằng keys.directory
    .unwritable_signing = không ghi được khóa { $file }: { $cause }. Hãy cho người dùng của tiến trình này ghi vào thư mục của khóa, hoặc nêu thư mục khác bằng keys.directory
    .foreign = khóa công khai { $file } không khớp với khóa { $private } bên cạnh: một trong hai đã bị thay. Hãy khôi phục cả hai từ bản sao lưu; nếu khóa riêng là đúng, hãy xóa khóa công khai, dịch vụ sẽ ghi lại khi khởi động
SECRET_OPEN = ai trên máy này cũng dùng được; hãy chạy chmod 600 với tên tệp
    .group = nhóm { $gid } của tệp dùng được, mà tiến trình này không thuộc nhóm đó; hãy chạy chmod 600 với tên tệp, hoặc chạy tiến trình với nhóm { $gid } (trên Kubernetes: fsGroup: { $gid })
    .writable = nhóm của tệp có thể thay đổi tệp; hãy chạy chmod g-w với tên tệp
KEY_FILE_MALFORMED = dòng đầu tiên phải bắt đầu bằng “{ $header }”
    .lock = dòng đầu tiên không cho biết tệp được bảo vệ thế nào
    .line = mỗi dòng phải gồm: loại, mã, khóa
    .id = “{ $id }” không phải là mã của khóa
    .base64 = khóa { $kind } { $id } không phải là base64
    .length = khóa { $kind } { $id } phải có 32 byte
    .damaged = khóa { $kind } { $id } bị hỏng
    .kind = “{ $kind }” không phải là loại khóa
    .twice = khóa { $kind } { $id } xuất hiện hai lần
    .few = cần ít nhất một khóa wrap, một khóa bind và một khóa sign
KEY_LINE_MALFORMED = mỗi dòng phải có 32 byte dạng base64, và có hiệu lực từ khi nào hoặc đến khi nào
    .none = không có khóa nào
KEYS_OF_ANOTHER_STORE = khóa của tiến trình này không phải là khóa đã dùng để ghi dữ liệu của { $service }: hãy trỏ keys.directory đến đúng thư mục, hoặc khôi phục seal.key từ bản sao lưu; chưa có gì bị thay đổi và không có khóa mới nào được tạo. Khi đã có đúng khóa, `tally audit verify` cho biết có ai sửa nhật ký không
STORE_LOST = kho dữ liệu của { $service } trống, nhưng { $file } cho thấy nó từng có dữ liệu: hãy khôi phục cơ sở dữ liệu từ bản sao lưu (với SQLite là tệp của nó), hoặc xem { $setting } có trỏ sang nơi khác không; chưa có gì bị thay đổi. Chỉ khi muốn bắt đầu lại từ đầu, hãy dời { $file } đi trước
KEYS_PASSPHRASE_MISSING = tệp khóa { $file } được bảo vệ: hãy đặt TALLY_KEYS_PASSPHRASE, hoặc đặt TALLY_KEYS_PASSPHRASE_FILE là tệp chứa cụm mật khẩu
KEYS_PASSPHRASE_WRONG = cụm mật khẩu này không mở được khóa nào của { $file }: hãy kiểm tra TALLY_KEYS_PASSPHRASE (hoặc tệp mà TALLY_KEYS_PASSPHRASE_FILE nêu); nếu đúng thì tệp đã hỏng: hãy khôi phục từ bản sao lưu
KEYS_NOT_IN_A_FILE = các khóa này chỉ có trong tiến trình này: không có tệp để thay đổi
KEY_ROTATES_ALREADY = { $service } đã có khóa mới sẽ ký từ { $from }: hãy chờ đến lúc đó

## The command line

SERVER_AWAY = không có ai trả lời tại { $server }: hệ thống có đang chạy ở đó không? Dùng --server để nêu địa chỉ
CLIENT_FILE_UNREADABLE = không đọc được { $file }: { $why }
CLIENT_FILE_WRONG = { $file } không có { $block } dạng PEM
SIGNED_IN_AS = với tên { $login } tại { $server }, đã đăng nhập bằng `tally login`
LOGIN_GOOD = đã đăng nhập đến { $until }. Các lệnh tiếp theo không cần nêu lại mã truy cập hay máy chủ; chương trình khác gửi mã bằng `authorization: Bearer ..`
LOGIN_NOT_REMEMBERED = không lưu được lần đăng nhập vào { $file } ({ $why }): hãy đưa mã truy cập cho các lệnh khác bằng --token-file
SIGN_IN_OVER = lần đăng nhập của { $login } đã hết hạn: hãy chạy lại `tally login { $login }`
SIGN_IN_FIRST = không có mã truy cập: hãy chạy `tally login NAME` trước, nêu tệp chứa mã (--token-file), hoặc đưa mã qua đầu vào chuẩn
FOLDER_UNWRITABLE = không tạo được thư mục { $path }: { $cause }. Hãy tạo thư mục cho người dùng của tiến trình này, hoặc nêu thư mục khác trong { $setting }

## Bringing a bundle into a running suite

PERSON_NOT_IN_SUITE = hệ thống không có ai mang mã nhân viên { $number } mà bạn được xem: hãy xử lý lý do khiến dòng đó của people.csv bị từ chối, rồi chạy lại lệnh nhập
ACCOUNT_NOT_IN_SUITE = hệ thống không có tài khoản { $label } mà bạn được xem: hãy xử lý lý do khiến dòng đó của accounts.csv bị từ chối, rồi chạy lại lệnh nhập
ROWS_OF_UNIT_REFUSED = đơn vị { $unit } của dòng này đã bị từ chối
ROWS_OF_NUMBER_REFUSED = mã số { $number } đã bị từ chối trong people.csv: dòng này có thể chỉ người khác với người trong hệ thống
ROWS_OF_ACCOUNT_REFUSED = tài khoản { $label } đã bị từ chối trong accounts.csv: dòng này có thể chỉ tài khoản khác với tài khoản trong hệ thống
ROWS_OF_RECORD_REFUSED = bản ghi { $record } đã bị từ chối trong records.csv: tin nhắn của nó có thể thuộc bản ghi khác với bản ghi trong hệ thống
NICKNAME_REFUSED = biệt danh { $alias } đã bị từ chối trong aliases.csv, và bản ghi này của { $number } có thể nêu nhân viên phục vụ bằng biệt danh đó
IMPORT_STOPPED = trong lượt chạy này đã nhập được { $rows } dòng, và mọi thứ của các lượt trước vẫn còn: hãy chạy lại đúng lệnh đó, những gì đã nhập được tính là đã có
    .mend = trong lượt chạy này đã nhập được { $rows } dòng, và mọi thứ của các lượt trước vẫn còn: hãy sửa điều được nêu ở đây rồi chạy lại đúng lệnh đó, những gì đã nhập được tính là đã có
IMPORT_SERVICE_AWAY = không kết nối được dịch vụ { $service }; không mất gì: trong lượt chạy này đã nhập được { $rows } dòng, và mọi thứ của các lượt trước vẫn còn. Hãy chạy lại đúng lệnh đó khi dịch vụ hoạt động lại, những gì đã nhập được tính là đã có
IMPORT_DAMAGED = có giá trị bị mất khi đưa vào tệp; hệ thống không ghi đè nên sẽ giữ mãi phần còn lại của chúng: { $columns }
IMPORT_DAMAGED_COLUMN = trong { $count } dòng, bảng tính đã cắt { $column } chỉ còn các chữ số đầu (ví dụ { $example })
    .failed = trong { $count } dòng, { $column } chứa thứ mà bảng tính hiển thị thay cho giá trị (ví dụ { $example })
IMPORT_DAMAGED_CURE = chưa ghi gì cả: hãy xuất cột dưới dạng văn bản, không có công thức lỗi, rồi nhập lại, hoặc gõ cùng lệnh kèm --accept-damaged để ghi các dòng nguyên trạng
IMPORT_HEADING = Kết quả nhập, { $from } đến { $to }
IMPORT_READ = đã đọc
IMPORT_REJECTED = bị loại
IMPORT_LEFT_OUT = gộp hoặc bỏ qua
IMPORT_WRITTEN = đã ghi
IMPORT_REVISED = phiên bản mới
IMPORT_UNCHANGED = đã có
IMPORT_REFUSED = bị từ chối
IMPORT_CENSUS = Những gì hệ thống có, theo phạm vi bạn được xem
IMPORT_BEFORE = trước
IMPORT_AFTER = sau
IMPORT_UNITS = đơn vị
IMPORT_PEOPLE = nhân viên
IMPORT_ACCOUNTS = tài khoản
IMPORT_ALIASES = biệt danh
IMPORT_DEVICES = thiết bị
IMPORT_SHIFTS = ca trong kỳ
IMPORT_SHIFT_HOURS = số giờ của các ca
IMPORT_PUNCHES = lượt chấm công trong kỳ
IMPORT_HANDOVERS = bàn giao trong kỳ
IMPORT_RECORDS = bản ghi của các tài khoản này trong kỳ
IMPORT_RECORD_HOURS = số giờ của các bản ghi
IMPORT_AMOUNT = doanh số của các bản ghi, đơn vị tiền nhỏ nhất
IMPORT_CLAIMS = lượt tự nhận trên các tài khoản này trong kỳ
IMPORT_REJECTED_ROWS = Không đọc được { $rows } dòng; { $file } nêu từng dòng kèm cách sửa.
IMPORT_REVISED_ROWS = { $rows } dòng có phiên bản mới; phiên bản trước vẫn xem được
IMPORT_REFUSED_ROWS = Hệ thống từ chối { $rows } dòng; { $file } nêu từng dòng kèm lý do.
IMPORT_NEEDS = việc nhập cần tài khoản đăng nhập được đọc và ghi đơn vị, nhân viên, ca trực và bản ghi, ví dụ có vai trò group_hr

## Fields of requests

ROW_INVALID = { $problems }
INSTANT_IMPLAUSIBLE = cần một thời điểm từ năm { $first } đến năm { $last }: hãy kiểm tra năm
VALUE_MISSING = bắt buộc phải có
AT_MOST = tối đa { $max }
NUMBER_FROM_TO = từ { $from } đến { $to }
BEFORE_FROM = nằm trước from
THROUGH_OR_NAMED = dùng để hỏi mọi đơn vị: hãy để trống unit_ids, hoặc bỏ trường này
THROUGH_BEFORE = là ngày cuối của nhiều ngày: hãy nêu ngày đầu trong as_of, không muộn hơn ngày này
NOT_AFTER_START = phải nằm sau start
CUT_OVER_MALFORMED = hãy viết HH:MM từ 00:00 đến 11:59

## Attendance

NEVER_EMPLOYED = bạn chưa có kỳ làm việc nào nên không biết việc này thuộc về đâu: hãy hỏi bộ phận nhân sự
PUNCH_REPEATED = bạn đã có một lượt chấm công đúng vào thời điểm này
FACT_SUPERSEDED = đính chính { $id } đã sửa điều này nên nó không còn được tính: hãy đính chính điều đang được tính
CORRECTION_WAITS = đính chính { $id } cho cùng nội dung đang chờ phê duyệt: hãy phê duyệt, từ chối hoặc rút lại trước
CORRECTION_NOT_WAITING =
    { $stage ->
        [approved] đính chính đã được phê duyệt
        [rejected] đính chính đã bị từ chối: hãy yêu cầu lại
        [withdrawn] đính chính đã được rút lại: hãy yêu cầu lại
       *[other] đính chính đã được tính
    }
CORRECTION_OUTDATED = sau khi yêu cầu này được gửi, đính chính { $id } đã sửa nội dung đó: hãy từ chối yêu cầu này và yêu cầu lại cho điều đang được tính
    .gone = sau khi yêu cầu này được gửi, nội dung đó không còn được lưu giữ: hãy từ chối yêu cầu này
OWN_CORRECTION = không ai tự quyết định đính chính dữ liệu của chính mình: phải do người khác quyết định
CORRECTION_OF_OTHERS = chỉ người đã yêu cầu mới rút lại được đính chính: hãy từ chối thay vì rút lại
PERIOD_PURGED = dữ liệu trước { $day } không còn được lưu giữ nên không sửa được
    .cycle = kỳ bắt đầu trước { $day } dựa trên dữ liệu { $kind } mà một phần có thể đã bị xóa do hết thời hạn lưu giữ, nên không tính lại được kỳ đánh giá: hãy giải quyết chỗ sai ngoài Tally
    .close = kỳ bắt đầu trước { $day } dựa trên dữ liệu { $kind } mà một phần có thể đã bị xóa do hết thời hạn lưu giữ, và phần thiếu sẽ bị thiếu mà không có cảnh báo: hãy chọn kỳ bắt đầu từ { $day } trở đi, hoặc kéo dài thời hạn lưu giữ dữ liệu { $kind } trước (SetRetention) rồi nhập phần còn thiếu
    .row = dữ liệu trước { $day } không còn được lưu giữ, và dòng này chưa có: hãy bỏ dòng, hoặc kéo dài thời hạn lưu giữ dữ liệu { $kind } trước (SetRetention)
    .named = { $name } chưa có, và dữ liệu trước { $day } không còn được lưu giữ: hãy bỏ đi, hoặc kéo dài thời hạn lưu giữ dữ liệu { $kind } trước (SetRetention)
ALREADY_DIFFERENT = { $why }: hãy đính chính điều đó trước
FACT_IN_FUTURE = { $at } chưa đến, bây giờ là { $now }: lượt chấm công hay bàn giao chỉ sửa được sau khi đã diễn ra; để lên kế hoạch trước, hãy công bố một ca
LATE_CHANGE_UNEXPLAINED = ca đã bắt đầu: hãy cho biết vì sao thay đổi bây giờ
CORRECTION_ACTION_EXPECTED = add, void hoặc move
ALIAS_DAY_OUTSIDE = phải là một trong những ngày biệt danh này chỉ nhân viên đó
DEVICE_DAY_OUTSIDE = phải là một trong những ngày thiết bị thuộc về nhân viên hoặc chỗ ngồi này
DEVICE_OWNER_EXPECTED = thiết bị thuộc về một nhân viên (person_id) hoặc một chỗ ngồi (seat): hãy nêu một trong hai
HANDOVER_REPEATED = bàn giao này đã được ghi đúng vào thời điểm này
PERSON_UNKNOWN = không có nhân viên { $id }: hãy nhập nhân viên trước, rồi mới nhập việc họ đã làm
ACCOUNT_UNKNOWN = không có tài khoản { $id }: hãy nhập tài khoản trước
    .file = { $account } không có trong accounts.csv{ $hint }
PLACE_REGION_UNKNOWN = tập đoàn không có đơn vị nào trong khu vực { $region }
PLACE_UNIT_UNKNOWN = hôm nay tập đoàn không có đơn vị { $unit }
PLACE_TEAM_NOT_UNIT = nhóm { $team } không phải là đơn vị { $unit }: hãy bỏ một trong hai
PLACE_REGION_OF_UNIT = đơn vị thuộc khu vực { $is }, không phải { $said }: hãy bỏ khu vực
ACCOUNT_CONTRADICTS_ROW = { $key } mâu thuẫn với một dòng trước của lệnh gọi này ở { $fields }: điều đã nêu về một tài khoản thì giữ nguyên
ACCOUNT_CONTRADICTS_STORED = { $key } mâu thuẫn với dữ liệu đã có ở { $fields }: điều đã nêu về một tài khoản thì giữ nguyên, chỉ được thêm giai đoạn có ngày muộn hơn
    .team = { $key } mâu thuẫn với dữ liệu đã có ở { $fields }: tài khoản thuộc đơn vị { $unit }, còn { $team } hôm nay là đơn vị khác. Hãy viết đường dẫn hôm nay của đơn vị mà tài khoản thuộc về, hoặc chỉ unit_id
    .closed = { $key } mâu thuẫn với dữ liệu đã có ở { $fields }: tài khoản thuộc đơn vị { $unit } đã giải thể và hôm nay không có đường dẫn, còn { $team } là đơn vị khác. Hãy chỉ viết unit_id, không kèm nhóm
ACCOUNT_OUT_OF_REACH = { $key } nằm ngoài phạm vi bạn được gửi: hãy bỏ đi, hoặc nhờ người có quyền gửi
FACT_OUT_OF_REACH = vào ngày đó nhân viên này nằm ngoài phạm vi bạn được gửi: hãy để người phụ trách nhóm khi đó hoặc người của tập đoàn gửi
ALIAS_DIFFERENT = biệt danh này đã có từ cùng ngày với nhân viên khác (employee_no) và ngày kết thúc khác (to)
    .person = biệt danh này đã có từ cùng ngày với nhân viên khác (employee_no)
    .end = biệt danh này đã có từ cùng ngày với ngày kết thúc khác (to)
DEVICE_DIFFERENT = thiết bị này đã có từ cùng ngày, của cùng nhân viên hoặc chỗ ngồi, với ngày kết thúc khác (to)
SHIFT_CANCELLED = ca của nhân viên này trên tài khoản này từ { $start } đã bị hủy, và lịch phân ca không khôi phục được: để xếp lại, hãy thay đổi ca { $shift } (ChangeShift)
SHIFT_DIFFERENT = ca của nhân viên này trên tài khoản này từ { $start } đã có với giờ kết thúc khác
    .seat = ca của nhân viên này trên tài khoản này từ { $start } đã có với chỗ ngồi khác, hoặc không có chỗ ngồi trong khi dòng này có nêu
PUNCH_DIFFERENT = vào { $at } đã có một lượt chấm công của nhân viên này theo chiều ngược lại (kind)
HANDOVER_DIFFERENT = vào { $at } đã ghi là do nhân viên khác thực hiện (employee_no), và mỗi lúc chỉ một người giữ tài khoản này
    .kind = vào { $at } đã ghi là nhân viên này làm ngược lại (kind)
SITE_DIFFERENT = địa điểm { $name } đã có với múi giờ, giờ chuyển ngày hoặc khu vực khác
ALIAS_OVERLAP = biệt danh này đã chỉ một người vào một số ngày này: hãy kết thúc lượt này trước khi bắt đầu lượt kia
SLASH_NOT_ALLOWED = không được có dấu gạch chéo: nền tảng, cửa hàng và tên được nối bằng dấu này
PHASES_MISSING = cần ít nhất một giai đoạn: tài khoản được dùng như thế nào
DIRECTION_EXPECTED = hãy cho biết chiều nào tốt hơn: higher hoặc lower
NORMALISATION_EXPECTED = hãy cho biết cách đổi giá trị thành điểm: target_piecewise, min_max, percentile hoặc t_score
PHASE_KIND_EXPECTED = shared, mixed hoặc named
PHASE_TWICE = có hai giai đoạn bắt đầu vào ngày này
HANDOVER_KIND_EXPECTED = take hoặc release
PUNCH_KIND_EXPECTED = in hoặc out
SHIFT_TOO_LONG = một ca phải ngắn hơn { $hours } giờ
PERIOD_TOO_LONG = tối đa { $days } ngày
DUTY_VERSION_EXPECTED = cần 1, 2 hoặc 3, hoặc 0 cho bản mới nhất
PUNCH_OF_SHIFT = thuộc ca của bạn bắt đầu lúc { $start }
PUNCH_CAME = từ bây giờ bạn được tính là có mặt
PUNCH_LEFT = khép lại khoảng có mặt bắt đầu lúc { $since }
PUNCH_STILL_IN = bạn vẫn đang có mặt từ { $since }: khoảng đó kết thúc tại đây và một khoảng mới bắt đầu
PUNCH_NOT_IN = bạn chưa chấm công vào trong { $hours } giờ qua: nếu quên, hãy yêu cầu đính chính
PUNCH_NOT_PLANNED = không có ca nào của bạn gần thời điểm này
PUNCH_DRIFT = đồng hồ thiết bị của bạn lệch { $seconds } giây so với hệ thống; giờ của hệ thống được tính
DUTY_DOUBLE_IN = { $number } chấm công vào lần nữa lúc { $at } mà chưa chấm công ra; khoảng đầu kết thúc tại đó
DUTY_IN_WITHOUT_OUT = { $number } chấm công vào lúc { $at } và không chấm công ra trong vòng { $hours } giờ; khoảng này không được tính
DUTY_OUT_MAY_COME = lượt chấm công của { $number } lúc { $at } được tính là vào, và chuỗi chấm công kết thúc lúc { $last } mà không có lượt ra; không tạo thành khoảng có mặt, và ca của ngày làm việc đó chỉ được tính ở chỗ có một cặp chấm công bao phủ
DUTY_LONE_IN = lượt chấm công của { $number } lúc { $at } được tính là vào, và không có lượt ra trong vòng { $hours } giờ; không tạo thành khoảng có mặt, và ca của ngày làm việc đó chỉ được tính ở chỗ có một cặp chấm công bao phủ
DUTY_LONE_OUT = lượt chấm công của { $number } lúc { $at } được tính là ra, và không có lượt vào trong { $hours } giờ trước đó; không tạo thành khoảng có mặt, nhưng ca của ngày làm việc đó chỉ được tính ở chỗ có một cặp chấm công bao phủ, và lượt giữ chưa trả kết thúc tại đó
DUTY_SHIFT_UNCOVERED = { $number } được xếp ca trên { $account } từ { $start } đến { $end } và có chấm công trong ngày làm việc đó, nhưng không cặp chấm công nào bao phủ phần nào của ca; ca không được tính cho đến khi bổ sung các lượt chấm công còn thiếu
DUTY_SHIFT_BARELY_COVERED =
    { $number } được xếp ca trên { $account } từ { $start } đến { $end } và có chấm công trong ngày làm việc đó, nhưng { $why ->
        [other] các lượt chấm công chạm vào ca này thuộc ca khác
       *[edge] không cặp chấm công nào bao phủ phần nào của thời gian đã xếp
    }; chỉ tính tối đa { $minutes } phút ở rìa ca cho đến khi bổ sung các lượt chấm công còn thiếu
DUTY_SHIFT_HELD_BY_OTHERS = { $number } được xếp ca trên { $account } từ { $start } đến { $end }, nhưng theo nhật ký bàn giao chỉ có người khác giữ tài khoản trong thời gian lẽ ra được tính; ca không được tính, và nếu khi đó { $number } có phục vụ thì cần bổ sung lượt nhận và lượt trả
DUTY_OUT_WITHOUT_IN = { $number } chấm công ra lúc { $at } mà không có lượt vào trong { $hours } giờ trước đó; không được tính
DUTY_OUT_AFTER_CLOSED_IN = lượt chấm công của { $number } lúc { $at } được tính là ra, nhưng lượt vào trước đó đã được khép lại lúc { $out }; không tạo thành khoảng có mặt, và lượt giữ chưa trả kết thúc tại đó
DUTY_SHIFT_NOT_EMPLOYED = { $number } được xếp ca trên { $account } từ { $start } đến { $end } nhưng khi đó không đang làm việc: ca không được tính; hãy sửa lịch phân ca hoặc ngày làm việc
DUTY_PUNCH_NOT_EMPLOYED = { $number } chấm công lúc { $at } nhưng khi đó không đang làm việc: không được tính; hãy sửa lượt chấm công hoặc ngày làm việc
DUTY_HOLD_NOT_EMPLOYED = { $number } nhận { $account } lúc { $at } nhưng khi đó không đang làm việc: lượt giữ không được tính; hãy sửa bàn giao hoặc ngày làm việc
DUTY_IN_AND_OUT_AT_ONCE = { $number } chấm công vào và ra cùng lúc { $at }; không được tính là có mặt
DUTY_NOBODY = có căn cứ về { $account }, nhưng vẫn không có ai trực trong kỳ
DUTY_NO_EVIDENCE_V1 =
    trong kỳ không có lịch phân ca, lượt chấm công hay bàn giao nào cho { $account }: mọi công việc được chia cho cả nhóm ({ $scope ->
        [all] tất cả mọi người
       *[team] { $team }
    }, { $people } người); hãy công bố lịch phân ca hoặc cho nhân viên chấm công
DUTY_NO_EVIDENCE =
    trong kỳ không có lịch phân ca, lượt chấm công hay bàn giao nào cho { $account }: cả nhóm được coi là đang trực ({ $scope ->
        [all] tất cả mọi người
       *[team] { $team }
    }, số người: { $people }); hãy công bố lịch phân ca hoặc cho nhân viên chấm công
DUTY_RELEASE_WITHOUT_TAKE = { $number } trả { $account } lúc { $at } trong khi không giữ; không được tính
DUTY_NEVER_RELEASED =
    { $number } nhận { $account } lúc { $since } và không trả lại; lượt giữ kết thúc lúc { $end }, theo { $by ->
        [release] lượt trả
        [punch_out] lượt chấm công ra tiếp theo
        [roster] giờ kết thúc lịch phân ca
        [too_long] khoảng dài nhất được phép
       *[taken_again] lượt nhận tiếp theo
    }
DUTY_NO_RELEASE_KNOWN =
    { $number } nhận { $account } lúc { $since } và sau đó không có lượt trả nào; lượt giữ kết thúc lúc { $end }, theo { $by ->
        [release] lượt trả
        [punch_out] lượt chấm công ra tiếp theo
        [roster] giờ kết thúc lịch phân ca
        [too_long] khoảng dài nhất được phép
       *[taken_again] lượt nhận tiếp theo
    }
DUTY_TAKEN_AGAIN =
    { $number } nhận { $account } lúc { $since } rồi nhận lại lúc { $again } mà ở giữa không trả; lượt giữ kết thúc lúc { $end }, theo { $by ->
        [release] lượt trả
        [punch_out] lượt chấm công ra tiếp theo
        [roster] giờ kết thúc lịch phân ca
        [too_long] khoảng dài nhất được phép
       *[taken_again] lượt nhận tiếp theo
    }
DUTY_HELD_BY_TWO =
    { $first } và { $second } cùng giữ { $account } từ { $from } đến { $until }; { $why ->
        [exclusive] mỗi lúc chỉ một người được giữ tài khoản này
       *[unreleased] người thứ nhất chưa trả
    }

## What to do about findings

FINDING_ADVICE =
    { $kind ->
        [NO_DUTY_EVIDENCE] hãy nhập lịch phân ca của tài khoản, hoặc cho nhân viên chấm công hay bàn giao, rồi chạy lại lượt ghi nhận
        [UNHELD_ACCOUNT] hãy bổ sung ca của người đã phục vụ tài khoản khi đó, hoặc lượt chấm công hay lượt nhận còn thiếu; bản ghi thuộc tài khoản khác thì chuyển đi (MoveRecord)
        [OVERLAP] hãy bổ sung lượt trả của người không còn giữ tài khoản khi người kia nhận (CorrectHandover)
        [MISSING_RELEASE] hãy bổ sung lượt trả (CorrectHandover)
        [RELEASE_WITHOUT_TAKE] hãy bổ sung lượt nhận ứng với lượt trả này, hoặc hủy lượt trả (CorrectHandover)
        [DOUBLE_IN] hãy bổ sung lượt ra trước lượt vào thứ hai, hoặc hủy một trong hai (CorrectPunch)
        [MISSING_PUNCH] hãy bổ sung lượt chấm công còn thiếu, hoặc hủy lượt lẻ (CorrectPunch)
        [UNCOVERED_SHIFT] hãy bổ sung các lượt chấm công của ca (CorrectPunch), hoặc hủy ca nếu không ai đến (CancelShift)
        [BARELY_COVERED_SHIFT] hãy bổ sung các lượt chấm công còn thiếu của ca (CorrectPunch), hoặc thay đổi giờ của ca (ChangeShift)
        [HELD_BY_OTHERS] hãy bổ sung lượt nhận và lượt trả của người phục vụ theo lịch phân ca (CorrectHandover), hoặc hủy ca (CancelShift)
        [NOT_EMPLOYED] hãy sửa lịch phân ca, lượt chấm công hoặc bàn giao, hoặc sửa ngày làm việc (ChangeEmployment)
        [TAG_OFF_DUTY] hãy bổ sung ca hoặc lượt chấm công của người mà bản ghi nêu tên, chuyển bản ghi sang đúng tài khoản (MoveRecord), hoặc gửi lại với tên đúng và số sửa đổi cao hơn
        [NAMED_WITHOUT_AGENT] hãy gửi lại các bản ghi kèm tên nhân viên phục vụ và số sửa đổi cao hơn
        [MIXED_WITHOUT_TAG] hãy gửi lại các bản ghi kèm tên nhân viên phục vụ và số sửa đổi cao hơn, hoặc để nguyên theo lịch phân ca
        [TOO_FEW_TO_INFER] không cần làm gì; bàn giao hoặc tên trong bản ghi cho biết chính xác hơn ai đã phục vụ
        [DID_NOT_SETTLE] không cần làm gì; bàn giao cho biết chính xác hơn ai đã phục vụ
        [SEVERAL_AT_ONCE] hãy gửi thời điểm của các câu trả lời, hoặc cho nhân viên tự nhận hội thoại; tên trong bản ghi cũng cho biết chính xác hơn ai đã phục vụ
        [TOO_FEW_REPLIES] với tháng ít dữ liệu thì không cần làm gì; tên trong bản ghi hoặc lượt tự nhận cho biết chính xác hơn ai đã phục vụ
        [REPLIES_TOO_DENSE] hãy cho một phần mười số bản ghi có tên, được tự nhận bằng một lần bấm (MakeClaim) hoặc được viết trên thiết bị đã biết (ImportDevices), và chấm công cả giờ nghỉ
        [EVIDENCE_UNEVEN] hãy cho mọi người trên tài khoản cùng bấm tự nhận (MakeClaim), ký tên hoặc viết trên thiết bị đã biết (ImportDevices) như nhau
        [CLOCK_WITHOUT_SECONDS] hãy xuất thời điểm của các câu trả lời có cả giây
        [CLAIM_OFF_DUTY] hãy kiểm tra ai đã bấm, và lượt chấm công cùng lịch phân ca ngày đó
        [CLAIM_WITHOUT_RECORD] hãy kiểm tra bản ghi đã được gửi chưa, và đồng hồ của các lượt tự nhận
        [CLAIMS_DIFFER] hãy hỏi họ ai đã phục vụ, và để bản ghi nêu tên nhân viên phục vụ
        [DEVICE_OFF_DUTY] hãy kiểm tra thiết bị là của ai, và lượt chấm công cùng lịch phân ca ngày đó
        [DEVICE_OF_SEVERAL] hãy cho biết từ khi nào đến khi nào thiết bị là của ai
        [DEVICE_OF_NOBODY] hãy cho biết thiết bị là của ai vào những ngày đó, theo đúng tên trong bản ghi (ImportDevices), hoặc xếp người vào chỗ ngồi của nó
        [EVIDENCE_NOT_READ] hãy dùng phiên bản 3 của chính sách, vốn đọc các căn cứ này, hoặc để trống để dùng bản mới nhất; cũng có thể để nguyên, khi đó tháng được ghi nhận không có các căn cứ này
        [REPLY_OUTSIDE_RECORD] hãy kiểm tra lúc bắt đầu và kết thúc của bản ghi, và đồng hồ của các câu trả lời
        [BREAKS_NOT_PUNCHED] hãy cho nhân viên chấm công ra khi nghỉ và chấm công vào khi trở lại (RecordPunch), hoặc bàn giao tài khoản
        [CLOCKS_APART] hãy chỉnh đúng đồng hồ của hệ thống tư vấn, và xuất lại tin nhắn nếu cần lưu theo giờ đúng
        [UNKNOWN_AGENT] hãy cho biết tên đó là của ai (ImportAliases), hoặc gửi lại các bản ghi với tên đúng
        [ACCOUNT_UNKNOWN] hãy nhập tài khoản (ImportAccounts), hoặc chuyển các bản ghi sang tài khoản mà chúng thuộc về (MoveRecord)
        [POPULATION_CHANGED] hãy chốt lại kỳ đánh giá, trừ khi muốn giữ nguyên những người như trước (CloseCycle)
        [AMOUNTS_CONVERTED] không cần làm gì; nếu có tỷ giá sai, hãy đặt tỷ giá đúng (SetRates) rồi chạy lại lượt ghi nhận
        [MEASURE_NOT_SENT] hãy gửi dữ liệu mà câu này nêu, hoặc bỏ chỉ tiêu khỏi phương án đánh giá
        [OBSERVATIONS_BEYOND_PERIOD] hãy thu hồi số liệu quan sát (WithdrawObservation) và gửi thành từng phần, mỗi phần gồm các ngày của một kỳ, hoặc chốt một kỳ chứa mọi ngày của nó
        [OBSERVATIONS_UNREAD] hãy gửi lại với tên đúng và thu hồi các số liệu này (WithdrawObservation), hoặc cho phương án đánh giá đọc số đo đó; không cần làm gì nếu giữ lại để dùng sau
        [REFUND_EXCEEDS_SALE] hãy gửi lại khoản hoàn tiền với số tiền đúng và số sửa đổi cao hơn, hoặc thu hồi nó (WithdrawRecord); nếu khoản hoàn tiền đúng, hãy gửi lại đơn bán với số tiền thực thu
        [CONTRIBUTOR_UNKNOWN] hãy cho biết tên đó là của ai (ImportAliases), hoặc gửi lại bản ghi với người đóng góp đúng và số sửa đổi cao hơn
        [CONTRIBUTOR_OFF_DUTY] không cần làm gì nếu người đó giúp ngoài giờ của mình; nếu không, hãy bổ sung ca hoặc lượt chấm công, hoặc gửi lại bản ghi với người đóng góp đúng và số sửa đổi cao hơn
        [CONTRIBUTORS_NOT_SPLIT] hãy dùng chính sách có quy tắc chia để chia các bản ghi như vậy, hoặc để nguyên: người đóng góp vẫn được lưu
        [STANDARD_WITHDRAWN] hãy viết phiên bản mới của phương án theo một tiêu chuẩn đang dùng (ListRefinements cho biết cái nào phù hợp), rồi lập và chốt một kỳ đánh giá theo đó, hoặc đính chính kỳ đã công bố theo đó (CorrectCycle); để nguyên nếu tháng vẫn cần được đánh giá theo tiêu chuẩn cũ
       *[other] hãy xem điều được nêu, sửa chỗ sai rồi chạy lại lượt ghi nhận
    }
FIX_REFUSED = việc sửa không được chấp nhận: { $why }
FINDING_WITHOUT_FIX = không lệnh gọi nào tự sửa được phát hiện loại { $kind }: lời khuyên đi kèm cho biết cần làm gì

## Performance

CYCLE_CLOSING = kỳ đánh giá đang được chốt: hãy theo dõi, hoặc hủy việc chốt trước
CYCLE_PUBLISHED = kỳ đánh giá đã công bố và không bao giờ thay đổi nữa: nếu kết quả phải khác, hãy đính chính bằng CorrectCycle
CYCLE_NOT_CLOSING = kỳ đánh giá không đang được chốt nên không có gì để hủy
CYCLE_NOT_REVIEWABLE = kỳ đánh giá chưa có kết quả để công bố: hãy chốt trước
CYCLE_WITHOUT_RESULT = kỳ đánh giá chưa có kết quả: hãy chốt và theo dõi đến khi có thể xem xét
PERIOD_WITHOUT_RECORDS = không có bản ghi phục vụ của tài khoản nào bắt đầu từ { $from } đến { $to }: hãy nhập bản ghi của những ngày này, hoặc lập kỳ đánh giá cho những ngày khác
    .part = không có bản ghi phục vụ nào của tài khoản thuộc đơn vị này, hoặc của tài khoản mà nhân viên của đơn vị đã phục vụ, bắt đầu từ { $from } đến { $to }: hãy nhập bản ghi của những ngày này; nếu đã có, hãy để các tài khoản nêu nhóm của chúng trong đơn vị và sửa kỳ làm việc của người đã phục vụ; nếu các nhóm đã chuyển sang đơn vị khác thì đơn vị đó chốt tháng của chúng
NOBODY_CREDITED = không bản ghi nào trong { $records } bản ghi có thể ghi nhận cho ai: hãy nhập lịch phân ca, lượt chấm công hoặc bàn giao của kỳ, rồi chốt lại
    .unemployed = không bản ghi nào trong { $records } bản ghi có thể ghi nhận cho ai, vì không ai đang làm việc từ { $from } đến { $to }: hãy sửa kỳ làm việc hoặc kỳ đánh giá, rồi chốt lại
    .elsewhere = không ai thuộc diện đánh giá có phần trong bản ghi nào: những gì lượt ghi nhận đọc được đã ghi nhận cho người ngoài diện ({ $elsewhere } trong { $records }). Hãy xem ai thuộc diện và vì sao (PreviewPopulation), sửa kỳ làm việc, hoặc tài khoản, nhân viên phục vụ hay lịch phân ca mà các bản ghi dựa vào, rồi chốt lại
CYCLE_REFUSED = { $message }
CYCLE_GIVEN_UP = đã thử chốt nhiều lần không thành ({ $reason }): hãy chốt lại, và nếu vẫn không được hãy hỏi người vận hành
STEP_QUEUED = đang chờ tiến trình xử lý
STEP_COLLECTING = đang thu thập nhân viên, tài khoản và ca trực
STEP_ATTRIBUTING = đang ghi nhận bản ghi cho nhân viên
STEP_SCORING = đang lập phiếu điểm
RUN_RESTS = lượt ghi nhận đã kết thúc nên không có gì để dừng
RUN_NOT_DONE = lượt ghi nhận chưa có kết quả: hãy theo dõi đến khi xong, hoặc bắt đầu lượt khác
RUN_DIFFERS = lượt ghi nhận có ngày hoặc chính sách khác với kỳ đánh giá: hãy nêu một lượt khớp, hoặc để trống để hệ thống bắt đầu lượt mới
RUN_COVERS_PART = lượt ghi nhận chỉ gồm một số tài khoản hoặc đơn vị, không gồm tất cả những gì kỳ đánh giá cần: hãy nêu một lượt của đơn vị thuộc kỳ hoặc của cấp trên, hoặc để trống để hệ thống bắt đầu lượt mới
    .moved = tính theo { $day } (as_of), có { $people } người trong kỳ đánh giá đến { $last } đã thuộc nơi khác, cùng các tài khoản họ đã phục vụ: hãy cho bắt đầu một lượt cho { $unit } (StartAttributionRun, do người có quyền ở đó thực hiện) và nêu lượt đó (attribution_run_id), hoặc lấy ngày cuối làm as_of
    .moved_group = tính theo { $day } (as_of), có { $people } người trong kỳ đánh giá đến { $last } đã thuộc nơi khác, cùng các tài khoản họ đã phục vụ: hãy cho bắt đầu một lượt cho cả tập đoàn (StartAttributionRun, do nhân sự tập đoàn thực hiện) và nêu lượt đó (attribution_run_id), hoặc lấy ngày cuối làm as_of
RUN_AWAITED = một kỳ đánh giá đang được chốt bằng lượt ghi nhận này: hãy hủy việc chốt kỳ đó thay vì dừng lượt này
RUN_OUTDATED = bản ghi của { $account } đã thay đổi sau khi lượt ghi nhận đọc chúng, và phương án đọc một cột mà lượt này không cộng dồn: hãy bắt đầu lượt khác, hoặc chốt mà không nêu lượt nào
RUN_WITHOUT_RATES = phương án có nêu loại tiền, mà lượt ghi nhận có từ trước khi tỷ giá được lưu: hãy chốt kỳ đánh giá mà không nêu lượt này, hoặc bắt đầu lượt khác
    .on = bản ghi { $record } của { $account } ngày { $day } dùng loại tiền khác, và lượt ghi nhận không lưu tỷ giá của ngày đó, vì không phương án nào dùng khi bắt đầu lượt hoặc đang dùng khi đó xét lùi xa như vậy: hãy chốt kỳ đánh giá mà không nêu lượt này, hoặc bắt đầu lượt khác
RUN_STOPPED = lượt ghi nhận đã bị dừng: hãy chốt lại kỳ đánh giá
RUN_BELONGS_ABOVE =
    { $own ->
        [0]
            nhân viên của đơn vị này phục vụ tài khoản của { $units ->
                [0] các đơn vị khác
               *[other] { $beyond }
            }
       *[other]
            nhân viên của { $units ->
                [0] các đơn vị khác
               *[other] { $beyond }
            } phục vụ cùng các tài khoản ({ $accounts })
    }, và ai làm chung thì được ghi nhận chung: hãy cho bắt đầu lượt ghi nhận cho { $unit } (StartAttributionRun, do người có quyền ở đó thực hiện), rồi chốt bằng lượt đó (CloseCycle với attribution_run_id)
    .group =
        { $own ->
            [0]
                nhân viên của đơn vị này phục vụ tài khoản của { $units ->
                    [0] các đơn vị khác
                   *[other] { $beyond }
                }
           *[other]
                nhân viên của { $units ->
                    [0] các đơn vị khác
                   *[other] { $beyond }
                } phục vụ cùng các tài khoản ({ $accounts })
        }, và ai làm chung thì được ghi nhận chung: hãy cho bắt đầu lượt ghi nhận cho cả tập đoàn (StartAttributionRun không nêu đơn vị, do nhân sự tập đoàn thực hiện), rồi chốt bằng lượt đó (CloseCycle với attribution_run_id)
SCHEME_OF_ANOTHER_UNIT = phương án thuộc một đơn vị không liên quan đến kỳ đánh giá: hãy chọn phương án của tập đoàn, của đơn vị hoặc của cấp trên
POPULATION_EMPTY = không ai thuộc kỳ đánh giá: hãy dùng PreviewPopulation xem ai thuộc và ai không, rồi nêu đơn vị, vị trí, cấp bậc hoặc nhân viên khác
POPULATION_UNIT_BEYOND = vào ngày đó { $unit } không phải là đơn vị của kỳ đánh giá hoặc cấp dưới
POPULATION_PERSON_BEYOND = vào ngày đó { $person } không thuộc đơn vị của kỳ đánh giá hoặc cấp dưới
POPULATION_PERSON_UNKNOWN = trong tập đoàn không có ai mang mã { $person }: hãy tra mã bằng ListPeople
POPULATION_AS_OF_OUTSIDE = { $day } không phải là ngày của kỳ đánh giá: hãy nêu một ngày từ { $from } đến { $to }, hoặc để trống để lấy { $to }
STANDARD_WITHDRAWN = phương án “{ $scheme }” cụ thể hóa phiên bản { $version } của tiêu chuẩn “{ $standard }”, vốn ngừng sử dụng từ { $from }: kỳ đánh giá vẫn được chấm theo đó
    .instead = phương án “{ $scheme }” cụ thể hóa phiên bản { $version } của tiêu chuẩn “{ $standard }”, vốn ngừng sử dụng từ { $from }, và cần dùng phiên bản { $instead } thay thế: kỳ đánh giá vẫn được chấm theo đó
POPULATION_CHANGED = đã vào hoặc rời diện đánh giá trong khi kỳ đang được chốt
    .came = nay thuộc diện đánh giá, nhưng khi bắt đầu chốt thì chưa, và chưa có phiếu điểm: hãy chốt lại kỳ để đưa người này vào
    .left = khi bắt đầu chốt thì thuộc diện đánh giá, nhưng nay không còn, và có phiếu điểm: hãy chốt lại kỳ để đưa người này ra
CYCLE_OR_RUN = hãy nêu kỳ đánh giá hoặc lượt ghi nhận, không nêu cả hai
RUN_GONE = lượt ghi nhận đã bị hủy
WORKER_GONE = tiến trình xử lý đã ngừng
TIME_OF_DAY_MALFORMED = “{ $text }” không phải là giờ trong ngày: hãy viết 04:00
RULES_VERSION_UNKNOWN = “{ $version }” không phải là phiên bản của quy tắc: hãy viết 1, 2 hoặc 3
RULES_VERSION_DIFFERS = hãy để trống, hoặc viết { $version } như trong policy.version
ACCOUNT_ELSEWHERE =
    tài khoản { $account } thuộc khu vực { $region } và { $unit ->
        [none] không thuộc đơn vị nào
       *[other] thuộc đơn vị { $unit }
    }: hãy ghi như vậy
EXTERNAL_ID_MISSING = external_id để trống: hãy nêu mã bản ghi của chính nền tảng
RECORD_TEXT_TOO_LONG = { $field } quá dài: tối đa { $max } ký tự
MEASURE_TOO_LONG = một số đo quá dài: tối đa { $max } ký tự
MEASURES_TOO_MANY = danh sách số đo quá dài: tối đa { $max }
RECORD_TIME_MISSING = { $field } bị thiếu hoặc không phải là thời điểm
INTERVAL_BACKWARDS = kết thúc { $ended } trước khi bắt đầu { $started }: hãy sửa một trong hai
RECORD_TIME_IMPLAUSIBLE = { $field } không nằm trong các năm { $first } đến { $last }: hãy kiểm tra năm
INTERVAL_TOO_LONG = kéo dài từ { $started } đến { $ended }, mà không bản ghi nào dài quá { $days } ngày: hãy sửa ngày
AMOUNT_OUT_OF_RANGE = số tiền lớn hơn { $most } đơn vị tiền nhỏ nhất: hãy kiểm tra đơn vị
REPLY_OUT_OF_RANGE = câu trả lời đầu tiên đến sau hơn { $most } giây: hãy kiểm tra đơn vị, hoặc để trống
MEASURE_OUT_OF_RANGE = số đo “{ $name }” có nhiều hơn { $digits } chữ số trước dấu chấm: hãy kiểm tra đơn vị
AMOUNT_NEGATIVE = số tiền âm: hãy nêu trong refers_to bản ghi được hoàn tiền
REFUND_TAKES_NOTHING = refers_to cho thấy đây là khoản hoàn tiền, mà số tiền không âm: hãy viết số tiền đã hoàn với dấu trừ, hoặc để trống refers_to
REFERS_TO_NOTHING = { $id } tham chiếu đến { $other }, không phải là bản ghi của tài khoản này: hãy gửi bản ghi đó trước, hoặc trong cùng lệnh gọi
REFERS_TO_REFUND = { $id } tham chiếu đến { $other }, vốn cũng là khoản hoàn tiền: hãy nêu bản ghi đã được phục vụ
REFERENCE_FIXED = { $id } đã có và tham chiếu đến bản ghi khác, hoặc không tham chiếu: hãy thu hồi nó, và gửi khoản hoàn tiền với mã riêng
REPLY_RECORD_UNKNOWN = không có bản ghi { $id } trên tài khoản này, hoặc bản ghi thuộc ngày bạn không được nhập: hãy nhập bản ghi trước, hoặc sửa mã hay tài khoản
    .account = { $account } không phải là mã của tài khoản nào: hãy viết đúng như trong danh sách
REPLIES_MISSING = { $id } không có tin nhắn: hãy gửi ít nhất một tin, hoặc bỏ dòng này
REPLY_SIDE_MISSING = thiếu by: hãy cho biết nhân viên phục vụ hay khách hàng đã viết
REPLIES_TOO_MANY = { $id } sẽ có { $count } tin nhắn, mà mỗi bản ghi có tối đa { $most }: hãy kiểm tra xem một mã có đại diện cho nhiều hội thoại không
    .import = mỗi lệnh gọi tối đa { $most } tin nhắn, lần này có { $count }: hãy gửi nhiều lệnh gọi
CLAIM_NAMES_BOTH = lượt này nêu cả bản ghi và khách hàng: hãy nêu một trong hai, hoặc để trống cả hai cho bản ghi tiếp theo trên tài khoản
CLAIM_OUT_OF_REACH = lượt tự nhận trên tài khoản { $account } nằm ngoài phạm vi bạn được gửi: hãy bỏ đi, hoặc nhờ người có quyền gửi
CLAIM_WITHDRAWN = lượt tự nhận lúc { $at } đã bị thu hồi ({ $why }): hãy bỏ đi
OBSERVATION_OUT_OF_REACH = { $name } nằm ngoài phạm vi bạn được gửi: hãy bỏ đi, hoặc nhờ người có quyền gửi
CONTRIBUTORS_MALFORMED = contributors: “{ $text }” không nêu ai: hãy viết vai trò và mã nhân viên hoặc biệt danh, không có dấu chấm phẩy
    .role = contributors: “{ $text }” không phải là vai trò: hãy dùng first_answer, closer hoặc after_sales
    .twice = contributors: { $text } xuất hiện hai lần: hãy nêu mỗi người một lần trong một vai trò
    .many = contributors: nhiều hơn { $max } người mà một bản ghi được có
SPLIT_NOT_WHOLE = các phần cộng lại là { $sum } chứ không phải 1000000 phần triệu: hãy cho mỗi vai trò một phần sao cho cộng lại thành một bản ghi trọn vẹn
RECORD_CURRENCY_UNKNOWN = “{ $code }” không phải là loại tiền của ISO 4217: hãy viết ví dụ JPY, hoặc để trống nếu là loại tiền của tập đoàn
REVISION_OUT_OF_RANGE = số sửa đổi { $revision } lớn hơn { $most }: hãy gửi số nhỏ hơn
REVISION_TWICE = có cả revision và revised_at: hãy gửi một trong hai
REVISION_STALE = { $id } đã có với số sửa đổi { $there }, mới hơn { $sent }: nếu đây mới là nội dung đúng, hãy gửi số sửa đổi cao hơn
    .unsaid = { $id } đã có với số sửa đổi { $there }, mà dòng này không nêu: nếu đây mới là nội dung đúng, hãy gửi số sửa đổi cao hơn
RECORD_WITHDRAWN = { $id } đã bị thu hồi ({ $why }): hãy bỏ đi, hoặc gửi số sửa đổi cao hơn để đưa trở lại
    .already = { $id } đã bị thu hồi rồi ({ $why }): không còn gì phải làm
RECORD_MOVED = { $id } đã được chuyển sang tài khoản khác ({ $why }): hãy gửi cho tài khoản đó
    .already = { $id } đã được chuyển sang tài khoản khác ({ $why }): ListRecordVersions cho biết chuyển đến đâu; nếu đó là tài khoản đúng thì không còn gì phải làm
RECORD_OUT_OF_REACH = { $id } nằm ngoài phạm vi bạn được nhập vào ngày của nó: hãy để người phụ trách nhóm của tài khoản ngày đó, hoặc tập đoàn, nhập
RATING_OUT_OF_RANGE = điểm đánh giá { $rating } phần nghìn vượt quá mười điểm
MEASURE_MALFORMED = số đo “{ $name }” phải có tên riêng và có một số thập phân hoặc một văn bản
ROWS_CONTRADICT = nhiều dòng của lệnh gọi này là { $id } và có nội dung khác nhau: hãy gửi dòng đúng
ID_WITH_UNSEEN = { $field } chứa ký tự không nhìn thấy { $character }: hãy xóa đi
    .here = có chứa ký tự không nhìn thấy { $character }: hãy xóa đi
DIFFERENT_CONTENT = { $id } đã có với nội dung khác ({ $columns }): nếu đây mới là nội dung đúng, hãy gửi với số sửa đổi cao hơn
COLUMN_DIFFERS = { $column }: đã có { $there }, ở đây { $here }
    .hidden = { $column }
NO_VALUE_THERE = không có
MOVED_TO_ITSELF = đây chính là tài khoản đang có bản ghi: hãy nêu tài khoản mà bản ghi thuộc về
RECORD_REFERRED_TO = khoản hoàn tiền { $refund } tham chiếu đến { $id }: hãy thu hồi khoản hoàn tiền trước
REFUND_MOVES_WITH_RECORD = { $id } là khoản hoàn tiền của { $other }: hãy chuyển bản ghi đó, các khoản hoàn tiền sẽ đi theo
RECORD_THERE_ALREADY = tài khoản kia đã có, hoặc từng có, một bản ghi { $id } khác: không có gì bị ghi đè, hãy thu hồi bản ghi sai
RECORD_RATE_MISSING = bản ghi { $record } của { $account } dùng { $currency }, mà lượt ghi nhận có từ trước khi tỷ giá được lưu: hãy chốt kỳ đánh giá mà không nêu lượt này, hoặc bắt đầu lượt khác
    .on = bản ghi { $record } của { $account } dùng { $from }, và không có tỷ giá giữa { $from } và { $to } vào ngày { $day }: hãy cho đặt tỷ giá từ ngày đó hoặc sớm hơn (SetRates, kèm nguồn), rồi đính chính lại kỳ đánh giá nếu đã công bố, nếu chưa thì chốt lại, không nêu lượt nào hoặc nêu lượt được bắt đầu sau đó: lượt trước giữ nguyên tỷ giá của nó
    .look = { $account } có doanh số bằng { $from } từ { $day }, và khi đó không có tỷ giá giữa { $from } và { $to }: hãy cho đặt tỷ giá từ ngày đó hoặc sớm hơn (SetRates, kèm nguồn)
RECORD_ELSEWHERE = không tính được một bản ghi của tài khoản không thuộc đơn vị này ({ $why }): hãy để tập đoàn chốt một kỳ đánh giá cho cùng những ngày đó, kỳ này sẽ nêu bản ghi; cho sửa bản ghi rồi chốt lại mà không nêu lượt nào, hoặc nêu lượt được bắt đầu sau đó: lượt trước giữ nguyên bản ghi và tỷ giá đã đọc
RECORD_AMOUNT_TOO_LARGE = số tiền của bản ghi { $record } của { $account } lớn hơn { $most } đơn vị tiền nhỏ nhất của { $to }, vượt quá mức tính được: hãy sửa số tiền hoặc tỷ giá của ngày đó, rồi chốt lại
SCHEDULE_UNIT_STAYS = đơn vị của lịch chốt không đổi: hãy lập lịch chốt khác cho đơn vị khác
SCHEDULE_AS_OF = mỗi tháng lịch chốt xác định ai thuộc diện theo ngày cuối của tháng đó: hãy bỏ ngày
SCHEDULE_DAY = { $day } không phải là ngày trong tháng: hãy viết từ 1 đến 31; tháng nào không có ngày đó thì lấy ngày cuối
SCHEDULE_DELAY = một lượt chạy chờ tối đa { $most } phút giữa lúc xem trước và lúc chốt
    .dry = lịch chốt có xem trước thì nêu sau bao nhiêu phút sẽ chốt, từ 1 đến { $most }; lịch chốt không xem trước thì nêu 0
SCHEDULE_RUN_CLOSES = lượt chạy đang chốt kỳ đánh giá: hãy hủy việc chốt kỳ đó thay vì dừng lượt chạy
SCHEDULE_RUN_ENDED = lượt chạy đã kết thúc: không có gì để dừng
SCHEDULE_MONTH_THERE = tháng này đã được bắt đầu: chỉ bắt đầu lại được khi lượt chạy thất bại hoặc bị dừng
SCHEDULE_MONTH_NOT_OVER = theo múi giờ của lịch chốt, tháng chưa kết thúc: hãy bắt đầu sau khi hết tháng
SCHEDULE_THERE = lịch chốt { $schedule } có cùng nội dung, mỗi tháng sẽ bị chốt hai lần: hãy thay đổi lịch đó (UpdateSchedule), hoặc đặt tên khác cho lịch này nếu đúng là muốn vậy
SCHEDULE_MAKER_MAY_NOT = người viết lịch chốt lần cuối không còn được lập và chốt kỳ đánh giá ở đây: hãy để người có quyền viết lại (UpdateSchedule), và bắt đầu tháng này bằng tay (BeginScheduleRun)
SCHEDULE_BEGAN = đã bắt đầu { $month }, vốn đến hạn lúc { $due }
SCHEDULE_LEFT_OUT = { $months } tháng trước đó đã bị lỡ quá { $most } tháng nên không tự động chốt: hãy chốt bằng tay nếu cần
SCHEDULE_LOOKED =
    xem trước: { $people } người thuộc diện, { $accounts } tài khoản với { $records } bản ghi quanh tháng này, { $findings ->
        [0] không có gì bất thường
       *[other] { $findings } phát hiện ({ $kinds })
    }
    .everybody =
        xem trước: mọi người của tập đoàn thuộc diện, { $accounts } tài khoản với { $records } bản ghi quanh tháng này, { $findings ->
            [0] không có gì bất thường
           *[other] { $findings } phát hiện ({ $kinds })
        }
SCHEDULE_WAITS = chưa chốt gì trước { $until }: hãy dừng lượt chạy nếu cần sửa điều gì trước
SCHEDULE_WOULD_FAIL = như hiện nay, việc chốt sẽ bị từ chối: { $why }; những gì nhập thêm đến lúc đó sẽ được tính
SCHEDULE_MAY_FAIL = như hiện nay, việc chốt sẽ bị từ chối nếu người của đơn vị được ghi nhận bản ghi này: { $why }; những gì nhập thêm đến lúc đó sẽ được tính
SCHEDULE_AWAITS_RUN = đang chờ một lượt ghi nhận từ { $from } đến { $to } của đơn vị này hoặc cấp trên, bắt đầu sau khi những ngày này đã qua: hãy bắt đầu một lượt ở đó (StartAttributionRun), hoặc chốt một kỳ đánh giá ở đó
    .early = đang chờ một lượt ghi nhận từ { $from } đến { $to } của đơn vị này hoặc cấp trên: lượt mới nhất, { $run }, bắt đầu khi những ngày này chưa qua: hãy bắt đầu lượt khác ở đó (StartAttributionRun)
    .differs = đang chờ một lượt ghi nhận từ { $from } đến { $to } của đơn vị này hoặc cấp trên: lượt mới nhất, { $run }, dùng chính sách khác với lịch chốt này: hãy bắt đầu một lượt theo chính sách của lịch chốt (StartAttributionRun), hoặc thay đổi lịch chốt (UpdateSchedule)
    .part = đang chờ một lượt ghi nhận từ { $from } đến { $to } của đơn vị này hoặc cấp trên: lượt mới nhất, { $run }, chỉ gồm một phần của những gì được chốt: hãy bắt đầu một lượt gồm tất cả (StartAttributionRun)
SCHEDULE_SCORES_FROM = chấm điểm từ lượt ghi nhận { $run }
SCHEDULE_CLOSES = đã lập kỳ đánh giá { $cycle } và đang chốt
    .again = chốt lại kỳ đánh giá { $cycle }, lần trước không thành
SCHEDULE_DONE = đã chốt: { $people } người có phiếu điểm, trong { $records } bản ghi có { $nobody } bản ghi không ghi nhận cho ai, { $findings } phát hiện; hãy xem lại và công bố nếu đúng
SCHEDULE_FAILED = không thành: { $why }
SCHEDULE_AGAIN = đã bắt đầu lại bằng tay
SCHEDULE_STOPPED = đã dừng bằng tay
SCHEDULE_DELETED = đã dừng vì lịch chốt bị xóa
SCHEDULE_CYCLE_CANCELLED = việc chốt kỳ đánh giá đã bị hủy
OBSERVATION_WITHOUT_MEASURE = measure để trống: hãy nêu tên số đo như trong phương án đánh giá
OBSERVATION_WITHOUT_SUBJECT = chưa nêu số liệu về đối tượng nào: hãy nêu nhân viên, đơn vị, tài khoản, cửa hàng hoặc chiến dịch
    .id =
        mã của { $kind ->
            [person] nhân viên
            [unit] đơn vị
           *[account] tài khoản
        } không phải là mã hợp lệ: hãy viết đúng như trong danh sách
OBSERVATION_SUBJECT_UNKNOWN =
    { $kind ->
        [person] không có nhân viên { $key }: hãy sửa lại, hoặc nhập trước
        [unit] không có đơn vị { $key } vào những ngày này hay hiện nay, và chưa từng có ai làm việc ở đó: hãy sửa đơn vị, sửa ngày nếu đơn vị đã giải thể trước đó, hoặc nhập trước
        [account] không có tài khoản { $key }: hãy sửa lại, hoặc nhập trước
       *[store] không có tài khoản nào của cửa hàng { $key }: hãy sửa lại, hoặc nhập trước
    }
OBSERVATION_UNIT_CLOSED = đơn vị { $unit } đã giải thể và { $last } là ngày cuối của nó: hãy để các ngày kết thúc tại đó, hoặc sửa đơn vị
    .into = đơn vị { $unit } đã giải thể, { $last } là ngày cuối của nó, và nhân viên đã chuyển sang { $into }: hãy để các ngày kết thúc tại đó, và gửi số liệu từ sau ngày đó cho đơn vị kia
    .later = đơn vị { $unit } bắt đầu vào { $from }: hãy sửa ngày hoặc đơn vị
OBSERVATION_RESERVED = “{ $measure }” do chính hệ thống quan sát: hãy bỏ đi, hoặc đặt tên khác cho số đo
OBSERVATION_UNIT_NOT_HERE =
    unit_id cho biết ai chạy chiến dịch, mà số liệu này là về { $kind ->
        [person] nhân viên
        [unit] đơn vị
        [account] tài khoản
       *[store] cửa hàng
    }: hãy bỏ đi
OBSERVATION_WITHOUT_TIME = cần một thời điểm (at), hoặc ngày đầu và, nếu hơn một ngày, ngày cuối (from, to): hãy nêu một trong hai cách
    .date = { $field } không phải là ngày: hãy viết như 2026-03-31
OBSERVATION_BACKWARDS = kết thúc { $to } trước khi bắt đầu { $from }: hãy sửa một trong hai
OBSERVATION_TOO_LONG = nói về { $from } đến { $to }, mà không số liệu quan sát nào dài quá { $most } ngày: hãy sửa ngày
OBSERVATION_TIME_IMPLAUSIBLE = { $field } không nằm trong các năm { $first } đến { $last }: hãy kiểm tra năm
OBSERVATION_WITHOUT_NUMBER = “{ $text }” không phải là số thập phân có tối đa sáu chữ số lẻ: hãy sửa lại
OBSERVATION_OUT_OF_RANGE = giá trị tuyệt đối lớn hơn { $most }: hãy kiểm tra đơn vị
OBSERVATION_DIFFERENT = { $name } đã có với { $other } từ { $source }, còn ở đây là { $value } từ { $of }: nếu đây mới là giá trị đúng, hãy gửi với số sửa đổi cao hơn
OBSERVATION_WITHDRAWN = { $name } đã bị thu hồi ({ $why }): hãy bỏ đi, hoặc gửi số sửa đổi cao hơn để đưa trở lại
SCHEME_WITHOUT_INDICATORS = cần ít nhất một chỉ tiêu
NAME_TWICE = “{ $name }” xuất hiện hai lần
WEIGHTS_NOT_HUNDRED = tổng trọng số là { $sum }, không phải 100: hãy sửa để tổng đúng bằng 100
WEIGHT_NOT_POSITIVE = { $weight } không lớn hơn 0: hãy bỏ chỉ tiêu này
MEASURE_TOO_LARGE = số đo “{ $column }” của bản ghi { $record } của { $account } là { $value }, quá lớn để tính: giá trị tuyệt đối tối đa 9000000000000; hãy sửa bản ghi, hoặc bỏ chỉ tiêu khỏi phương án
    .row = { $text } quá lớn để tính: giá trị tuyệt đối tối đa { $most }
MEASURE_TOO_LARGE_CURE = hãy sửa số này, hoặc bỏ chỉ tiêu đo cột này khỏi scheme.yaml
MEASURE_UNKNOWN = “{ $measure }” không phải là số đo có sẵn (credited_records, first_reply_within_30s, resolved, rating_at_least_4, amount) cũng không phải là cột số của bản ghi
BOUNDS_OF_NOTHING = phương án không có chỉ tiêu “{ $kpi }”: hãy viết khóa của một chỉ tiêu trong phương án
BOUNDS_BACKWARDS = mức thấp nhất, { $min }, lớn hơn mức cao nhất, { $max }: hãy đổi chỗ
BOUNDS_WITHOUT_OWN = chính phương án có { $own }, không nằm từ { $min } đến { $max }: hãy mở rộng giới hạn để chứa giá trị đó
BOUNDS_EXTRA = { $most } phải lớn hơn 0 và nhỏ hơn 100
REFINED_BEYOND = { $value } nằm ngoài phạm vi mà tiêu chuẩn “{ $standard }” cho phép: { $min } đến { $max }
    .target = tiêu chuẩn “{ $standard }” cho phép một số từ { $min } đến { $max }
REFINED_FIXED = tiêu chuẩn “{ $standard }” đã quy định điều này: hãy viết đúng như tiêu chuẩn
    .value = tiêu chuẩn “{ $standard }” quy định { $fixed }, không phải { $value }
REFINED_DEFINITION = tiêu chuẩn “{ $standard }” quy định “{ $measure }” là gì: hãy sao chép nguyên định nghĩa
    .column = tiêu chuẩn “{ $standard }” lấy “{ $measure }” từ cột cùng tên: hãy đặt tên khác cho định nghĩa
    .extra = tiêu chuẩn “{ $standard }” cho phép “{ $measure }” theo định nghĩa trong danh mục: hãy bỏ định nghĩa này, nó sẽ được sao chép từ đó
REFINED_MEASURE = “{ $kpi }” của tiêu chuẩn “{ $standard }” đo { $measure }: hãy đo đúng như vậy, hoặc đặt khóa riêng cho chỉ tiêu này
WEIGHT_BOUND_TWICE = hãy nêu weight với from và to, hoặc weight_within là mức tăng giảm: không nêu cả hai
WEIGHT_BOUND_BELOW_0 = mức tăng giảm được nêu bằng một số từ 0 trở lên
WEIGHT_BOUND_TOO_LARGE = vượt quá mức tính được: hãy nêu tối đa 100
REFINED_LEFT_OUT = thiếu “{ $kpi }”, mà tiêu chuẩn “{ $standard }” không cho phép bỏ
REFINED_EXTRA = “{ $kpi }” không phải là chỉ tiêu của tiêu chuẩn “{ $standard }”, mà tiêu chuẩn này không cho thêm chỉ tiêu nào
REFINED_EXTRA_MEASURE = “{ $measure }” không thuộc những gì mà chỉ tiêu thêm ngoài tiêu chuẩn “{ $standard }” được đo: { $measures }
REFINED_EXTRA_SHARE = các chỉ tiêu thêm ngoài tiêu chuẩn “{ $standard }” có tổng trọng số { $sum }, mà tiêu chuẩn cho phép tổng cộng tối đa { $most }
SCHEME_PARENT_NOT_ABOVE = phương án chỉ cụ thể hóa phương án của tập đoàn hoặc của đơn vị cấp trên: hãy nêu phương án như vậy, hoặc để trống
SCHEME_WITHDRAWN = phương án “{ $name }” ngừng sử dụng từ { $from }: hãy chọn phương án khác, hoặc viết phương án với tên khác
    .version = phiên bản { $version } của “{ $name }” ngừng sử dụng từ { $from }: hãy chọn phiên bản khác
    .version_none = phiên bản { $version } của “{ $name }” ngừng sử dụng từ { $from }, và khi đó không có phiên bản nào khác đang dùng: hãy chọn phương án khác, hoặc cho viết phiên bản mới
    .version_for = phiên bản { $version } của “{ $name }” ngừng sử dụng từ { $from }: hãy chọn phiên bản { $instead }
    .parent = phiên bản của “{ $name }” mà phương án này cụ thể hóa đã ngừng sử dụng từ { $from }: hãy cụ thể hóa phiên bản khác, hoặc phương án khác
    .parent_none = phiên bản của “{ $name }” mà phương án này cụ thể hóa đã ngừng sử dụng từ { $from }, và mọi phiên bản khác cũng vậy: hãy cụ thể hóa phương án khác, hoặc để trống
    .parent_for = phiên bản của “{ $name }” mà phương án này cụ thể hóa đã ngừng sử dụng từ { $from }: hãy cụ thể hóa phiên bản { $version }
SCHEME_WITHDRAWN_ALREADY = đã ngừng sử dụng từ { $from } rồi
SCHEME_NOT_INSTEAD = không dùng được phiên bản { $version } để thay thế: hãy nêu phiên bản khác đang dùng của phương án, và chỉ nêu khi cho một phiên bản ngừng sử dụng
SCHEME_IMPORTED = phương án đến từ { $region } và được viết ở đó: hãy thay đổi ở đó rồi nhập lại tệp
SCHEME_OF_A_UNIT = phương án thuộc một đơn vị và ở lại trong khu vực của nó: hãy xuất phương án của tập đoàn
STANDARD_DIFFERS = phiên bản { $version } của “{ $name }” ở đây có nội dung khác: các phiên bản không bao giờ thay đổi, nên hãy hỏi hệ thống viết ra nó xem bản nào đúng
    .withdrawal = “{ $name }” ở đây ngừng sử dụng từ ngày khác: hãy hỏi hệ thống viết ra nó xem ngày nào đúng
STANDARD_NOT_FROM = phương án không do hệ thống của { $region } viết: hãy nhập tệp của hệ thống viết ra nó
SCHEME_NAME_TAKEN = ở đây tập đoàn đã có phương án khác tên “{ $name }”: hãy đặt tên khác cho tiêu chuẩn ở nơi viết ra nó
SCHEME_NAME_UNKNOWN = ở đây tập đoàn không có phương án nào tên “{ $name }”: ListSchemes cho biết các tên
STANDARD_IMPORTED = “{ $name }” của { $region }: phiên bản { $version } là mới nhất, { $written } phiên bản mới, { $unchanged } không đổi
STANDARD_MANDATORY = phương án ở đây phải cụ thể hóa một trong các tiêu chuẩn bắt buộc: hãy nêu một trong số đó làm phương án cấp trên: { $standards }
TARGET_MISSING = cần một số hoặc team_median
TARGET_NOT_POSITIVE = { $target } không lớn hơn 0
FLOOR_NOT_BELOW_CAP = mức sàn { $floor } không thấp hơn mức trần { $cap }
SMALL_SAMPLE_NOT_HERE = chỉ tỷ lệ và trung bình mới có thể được kéo về mức bình quân
QUOTAS_NOT_WHOLE = tổng các hạn mức phải đúng bằng 1000000 phần triệu
BANDS_OUT_OF_ORDER = hãy viết dải tốt nhất trước, dải kém hơn không được có nhiều điểm hơn
BANDS_NOT_HERE = dải chỉ dùng với forced_distribution
GRADES_OUT_OF_ORDER = hãy viết loại tốt nhất trước, mỗi loại sau có min_score thấp hơn
GRADES_MIXED = hãy cho mọi xếp loại một min_score, hoặc mọi xếp loại một hạn mức
MEASURE_OF_EXPECTED = hãy cho biết số đo lấy từ đâu: record, observation, ratio, sum, repeat, trend hoặc team
AGGREGATION_EXPECTED = hãy cho biết cách gộp các giá trị thành một, bằng cách gộp mà bản phát hành này biết
OBSERVED_OF_EXPECTED = hãy cho biết quan sát đối tượng nào: nhân viên, đơn vị, tài khoản, cửa hàng hoặc chiến dịch
MEASURES_DEFINED_TOO_MANY = một phương án định nghĩa tối đa { $most } số đo: hãy bỏ những số đo không chỉ tiêu nào dùng
MEASURE_BUILT_IN = “{ $name }” là số đo có sẵn: hãy đặt tên khác cho định nghĩa
MEASURE_VALID_BACKWARDS = ngày đầu, { $from }, nằm sau ngày cuối, { $to }: hãy đổi chỗ
MEASURE_VALUE_MISSING = cần một giá trị của bản ghi: first_reply_seconds, duration_seconds, resolved, rating, amount, hoặc một cột số
MEASURE_OF_RESOLVED = resolved là có hoặc không: hãy lấy tỷ lệ, hoặc đếm bản ghi
MEASURE_COLUMN_UNKNOWN = “{ $column }” không phải là cột số của bản ghi
MEASURE_TEST_MISSING = cần một ngưỡng: at_most, at_least, below, above hoặc equal
MEASURE_TEST_NOT_HERE = ngưỡng chỉ dùng với tỷ lệ, hoặc với số bản ghi hay số khách hàng đếm theo một giá trị: hãy bỏ đi
MEASURE_HOURS_EMPTY = khung giờ bắt đầu và kết thúc cùng lúc: hãy bỏ đi để tính cả ngày
MEASURE_HOURS_NOT_HERE = chỉ tính được số giây trong khung giờ với first_reply_seconds hoặc duration_seconds: hãy đếm các bản ghi bắt đầu trong khung giờ đó
MEASURE_SESSION_TOO_LONG = một phiên có khoảng ngừng tối đa { $most } phút
MEASURE_SESSION_NOT_HERE = tổng lấy mọi bản ghi, và khách hàng vốn chỉ được đếm một lần: hãy bỏ session
MEASURE_ADDS_NOT_UP = “{ $measure }” không phải là số đếm hay tổng nên không thể làm số chia hay số bị chia: hãy nêu số đo cộng dồn được
MEASURE_SUM_EMPTY = cần ít nhất một số đo để cộng
MEASURE_FACTOR_ZERO = hệ số 0 loại bỏ số đo: hãy bỏ nó đi
MEASURE_COUNT_EXPECTED = “{ $measure }” không phải là số đếm bản ghi do phương án định nghĩa: lần lặp lại được tìm trong các bản ghi
MEASURE_DAYS_BEYOND = lần lặp lại được tìm trong khoảng 1 đến { $most } ngày
MEASURE_PART_UNKNOWN = “{ $measure }” không được định nghĩa trong phương án và cũng không có sẵn: hãy định nghĩa luôn, hoặc sửa tên
MEASURE_OF_ITSELF = “{ $measure }” được tính từ chính nó: hãy bỏ nó khỏi những gì dùng để tính
MEASURE_NAME_RESERVED = tên bắt đầu bằng “{ $prefix }” thuộc về các số đo dùng chung cho mọi người: hãy chọn tên khác
MEASURE_NAME_TAKEN = đã có số đo tên “{ $name }”: hãy thay đổi số đo đó, hoặc chọn tên khác
MEASURE_NAME_FIXED = số đo này tên là “{ $name }” và không đổi tên: hãy định nghĩa số đo khác với tên mới, và cho số đo này ngừng sử dụng
MEASURE_RETIRED = đã ngừng sử dụng trong danh mục: { $measures }. Hãy nêu số đo khác, định nghĩa số đo tên đó ngay trong phương án, hoặc đưa nó vào sử dụng lại (UpdateMeasure)
MEASURE_RETIRED_ALREADY = “{ $name }” đã ngừng sử dụng rồi
MEASURE_NEEDED = các số đo khác trong danh mục được tính từ “{ $name }” và sẽ không còn đúng: hãy thay đổi hoặc cho ngừng sử dụng các số đo này trước: { $by }
SUPPLIED_MEASURE =
    { $key ->
        [first_reply_seconds] Số giây đến câu trả lời đầu tiên
        [presale_first_reply_within_30s] Tỷ lệ trả lời đầu tiên trong 30 giây trước bán
        [aftersale_resolved] Tỷ lệ giải quyết sau bán
        [handling_seconds] Số giây của hội thoại
        [rating] Điểm đánh giá
        [solved] Bản ghi đã giải quyết
        [customers] Khách hàng
        [buyers] Khách hàng đã mua
        [orders] Đơn hàng
        [presale_records] Bản ghi trước bán
        [conversion] Tỷ lệ chuyển đổi
        [order_value] Giá trị đơn hàng
        [repeat_purchase_30d] Mua lại trong 30 ngày
        [second_conversion_7d] Chuyển đổi trong 7 ngày sau lần liên hệ đầu
        [complaints] Khiếu nại
        [complaint_rate] Tỷ lệ khiếu nại
       *[other] { $key }
    }
SCHEME_TEMPLATE_UNKNOWN = không có phương án mẫu tên “{ $name }”: hãy chọn một trong { $names }
TEMPLATE_TITLE =
    { $name ->
        [agent] Nhân viên phục vụ
        [operations] Vận hành cửa hàng
       *[service-manager] Quản lý phục vụ
    }
TEMPLATE_ABOUT =
    { $name ->
        [agent] Cho người phục vụ khách hàng: khối lượng công việc, trả lời đầu tiên, giải quyết, điểm đánh giá, chuyển đổi, kiểm tra chất lượng và đúng giờ
        [operations] Cho người vận hành cửa hàng: khách truy cập, chuyển đổi, doanh số chiến dịch, chi phí mỗi đơn và tăng trưởng, tất cả là số liệu quan sát; không cần bản ghi phục vụ
       *[service-manager] Cho người dẫn dắt nhân viên phục vụ, theo bốn chiều: chất lượng phục vụ, đội ngũ, kinh doanh và đổi mới
    }
NOBODY_TO_SCORE = không có ai để chấm điểm: kỳ này không có bản ghi nào được ghi nhận
PERSON_TWICE = nhân viên { $person } xuất hiện hai lần
SCHEME_WITHOUT_DATA = không chấm được chỉ tiêu nào cho ai, vì không có dữ liệu, hoặc trung vị dùng làm mục tiêu không lớn hơn 0 (mỗi phiếu điểm cho biết trường hợp nào)
SCHEME_WITHOUT_DATA_CURE = hãy chọn chỉ tiêu và mục tiêu phù hợp với các bản ghi
MEASURE_NOT_SENT =
    không ai có dữ liệu của “{ $measure }” nên chỉ tiêu của nó không được tính cho ai: { $what ->
        [records] không có bản ghi nào thuộc loại và khung giờ mà nó xét
        [known] hãy gửi { $column } cùng với bản ghi phục vụ
       *[column] hãy gửi cột { $column } cùng với bản ghi phục vụ
    }
    .observation = không ai có dữ liệu của “{ $measure }” nên chỉ tiêu của nó không được tính cho ai: hãy gửi số liệu quan sát của kỳ này
    .past = không ai có giá trị trước đây của “{ $of }” nên chỉ tiêu của “{ $measure }” không được tính cho ai: nó được tính khi một kỳ đánh giá trước của phương án này, có cùng độ dài, được công bố
    .team = không ai có dữ liệu của “{ $measure }” nên chỉ tiêu của nó không được tính cho ai: trong các nhóm được dẫn dắt không ai có dữ liệu của { $of }
OBSERVATIONS_BEYOND_PERIOD = { $count } số liệu quan sát của “{ $measure }” vượt ra ngoài kỳ từ { $from } đến { $to } nên không được tính: số liệu quan sát được tính trong kỳ chứa mọi ngày của nó
OBSERVATIONS_UNREAD = { $count } số liệu quan sát của “{ $measure }” trong kỳ không được tính: không chỉ tiêu nào của phương án này, hay của phương án khác đang dùng, đọc số đo này
    .near = { $count } số liệu quan sát của “{ $measure }” trong kỳ không được tính: không chỉ tiêu nào của phương án này, hay của phương án khác đang dùng, đọc số đo này (có phải là { $near } không?)
INDICATOR_TOO_LARGE = chỉ tiêu { $indicator } không được tính cho ai vì số của { $people } quá lớn để tính
    .apart = chỉ tiêu { $indicator } không được tính cho ai vì các số chênh nhau quá xa để tính
INDICATOR_TOO_LARGE_CURE = hãy kiểm tra loại tiền và đơn vị của các số tiền và số đo, hoặc bỏ chỉ tiêu khỏi scheme.yaml
NUMBER_TOO_LARGE = điểm của nhân viên { $person } quá lớn để tính: hãy xem mức sàn và mức trần của phương án
    .grades = hạn mức của các xếp loại quá lớn để tính: hãy giảm xuống
    .unit = các số của đơn vị { $unit } quá lớn để tính: hãy xem phiếu điểm của nhân viên ở đó
    .pool = số tiền hoặc các phần của quỹ thưởng quá lớn để tính: hãy xem số tiền và quy tắc
    .part = trọng số của phần { $place } của quỹ thưởng quá lớn để tính: hãy xem điểm và quy tắc
    .person = điểm của nhân viên { $person } quá lớn để tính trong phần { $place } của quỹ thưởng: hãy xem điểm đó và quy tắc
CARD_MEASURE =
    { $measure ->
        [credited_records] Bản ghi được ghi nhận
        [first_reply_within_30s] Tỷ lệ trả lời đầu tiên trong 30 giây
        [resolved] Tỷ lệ giải quyết
        [rating_at_least_4] Tỷ lệ điểm đánh giá từ 4 trên 5
        [amount] Doanh số
       *[other] { $kpi }
    }
CARD_DEFINED = { $name } ({ $what })
CARD_VALUE =
    { $kind ->
        [records] { $value } bản ghi
        [customers] { $value } khách hàng
        [percent] { $value }%
        [own] { $value } { $unit }
        [standard]
            { $value } { $unit ->
                [points] điểm
               *[currency] { $unit }
            }
       *[bare] { $value }
    }
CARD_LINE_DROPPED =
    { $name }: { $why ->
        [nobody] trong kỳ không ai có dữ liệu nên chỉ tiêu bị loại với mọi người
        [person] không có dữ liệu của nhân viên này nên chỉ tiêu bị loại ở đây
        [too_large] số quá lớn để tính nên chỉ tiêu bị loại với mọi người
        [past] không có giá trị trước đây khác 0 của nhân viên này để so sánh nên chỉ tiêu bị loại ở đây
        [too_large_elsewhere] số của người khác quá lớn để tính, hoặc các số trong tập thể chênh nhau quá xa, nên chỉ tiêu bị loại với mọi người
       *[target] trung vị dùng làm mục tiêu không lớn hơn 0 nên chỉ tiêu bị loại
    }, và trọng số { $weight } của nó được chia theo tỷ lệ cho các chỉ tiêu khác.
CARD_AGAINST = { $value } so với { $past }
CARD_PAST = { $measure } gồm { $values }
CARD_PAST_VALUE = { $value } từ { $from } đến { $to }
CARD_LINE_NOT_SCORED = { $name }: không chấm điểm.
CARD_LINE =
    { $name }: { $measured }{ $filled }; { $points }{ $limit ->
        [cap] { " " }(mức trần)
        [floor] { " " }(mức sàn)
       *[none] { "" }
    }; nhân trọng số { $weight }%{ $spread ->
        [yes] { " " }({ $scheme_weight } trong phương án, cộng một phần của các chỉ tiêu bị loại)
       *[no] { "" }
    } được { $weighted }.
CARD_MEASURED = { $value } trên { $records } bản ghi
CARD_NOT_MEASURED = không đo được
CARD_SMALL_SAMPLE = ; dưới { $below } bản ghi thì số còn thiếu tính theo bình quân ({ $group }), thành { $adjusted }
CARD_POINTS_BY_TARGET =
    so với mục tiêu { $target } ({ $basis ->
        [scheme] do phương án đặt ra
        [team] trung vị của { $people } người trong nhóm
       *[group] trung vị của cả { $people } người, vì nhóm quá nhỏ
    }) được { $points } điểm
CARD_POINTS_BY_PLACE =
    { $by ->
        [target] theo mục tiêu
        [min_max] theo vị trí giữa kết quả kém nhất và tốt nhất của tập thể
        [percentile] theo tỷ lệ người trong tập thể không tốt hơn
        [t_score] theo độ lệch so với trung bình của tập thể, tính bằng độ lệch chuẩn
       *[band] theo dải của thứ hạng trong tập thể
    } được { $points } điểm
CARD_CHANGE =
    { $kind ->
        [rate_more] Thêm { $step } điểm phần trăm
        [rate_less] Bớt { $step } điểm phần trăm
        [records_more] Thêm { $step } bản ghi được ghi nhận
        [records_fewer] Bớt { $step } bản ghi được ghi nhận
        [more] Thêm { $amount }
       *[less] Bớt { $amount }
    }
CARD_NEXT =
    { $effect ->
        [capped] { $change } sẽ không thêm điểm nào: đã đạt mức trần.
        [nothing] { $change }, chỉ riêng điều đó, sẽ không thêm điểm nào.
       *[points] { $change } sẽ thêm { $gain } điểm.
    }
CARD_SUMMARY = Điểm { $score }, thứ hạng { $rank } trên { $of }{ $grade }{ $collaboration }.
CARD_GRADE = , xếp loại { $grade }
CARD_COLLABORATION = ; trong đó { $points } điểm cộng tác: { $outside } trên { $credited } bản ghi nằm ngoài lịch phân ca hoặc nhóm của mình
DEFINED =
    { $what }{ $few ->
        [yes] , từ { $min_count } trở lên
       *[no] { "" }
    }{ $valid ->
        [between] , từ { $from } đến { $to }
        [from] , từ { $from }
        [to] , đến { $to }
       *[ever] { "" }
    }
DEFINED_RECORDS =
    { $aggregation ->
        [mean] trung bình của { $value }
        [sum] tổng của { $value }
        [share] tỷ lệ phần trăm bản ghi có { $value }{ $test }
        [count] số bản ghi
        [count_of] số bản ghi có { $value }{ $test }
        [distinct] số khách hàng
       *[distinct_of] số khách hàng của các bản ghi có { $value }{ $test }
    }{ $kinds }{ $hours }{ $session }
DEFINED_VALUE =
    { $value ->
        [first_reply_seconds] số giây đến câu trả lời đầu tiên
        [duration_seconds] số giây từ lúc bắt đầu đến lúc kết thúc
        [resolved] vấn đề được giải quyết
        [rating] điểm đánh giá
        [amount] doanh số
       *[column] { $value }
    }
DEFINED_GIVEN = { " " }được nêu
DEFINED_TEST =
    { $is ->
        [at_most] { " " }tối đa { $threshold }
        [at_least] { " " }tối thiểu { $threshold }
        [below] { " " }dưới { $threshold }
        [above] { " " }trên { $threshold }
       *[equal] { " " }bằng { $threshold }
    }
DEFINED_KINDS = , thuộc loại { $kinds }
DEFINED_HOURS =
    , { $counts ->
        [begun] bắt đầu
       *[inside] chỉ tính thời gian
    } từ { $from } đến { $to }
DEFINED_SESSION = , bản ghi đầu tiên của mỗi phiên có khoảng ngừng tối đa { $minutes } phút
DEFINED_OBSERVATION =
    { $aggregation ->
        [sum] tổng
        [mean] trung bình
       *[last] giá trị cuối
    } của số liệu quan sát về { $subject ->
        [person] nhân viên
        [unit] đơn vị
        [account] tài khoản
        [store] cửa hàng
       *[campaign] chiến dịch
    }
DEFINED_RATIO =
    { $of } / { $per }{ $percent ->
        [yes] { " " }tính theo phần trăm
       *[no] { "" }
    }
DEFINED_SUM = tổng của { $parts }
DEFINED_PART = { $factor } × { $of }
DEFINED_REPEAT = tỷ lệ phần trăm { $of } mà khách hàng đã có { $after } trong vòng { $days } ngày trước đó
DEFINED_TREND = { $of } chênh bao nhiêu phần trăm so với trước đây của chính nhân viên
DEFINED_TEAM =
    { $aggregation ->
        [mean] trung bình của { $of } trong nhóm theo thành phần từng ngày
        [share] tỷ lệ phần trăm thành viên của nhóm, theo thành phần từng ngày, có { $of }{ $test }
       *[sum] tổng của { $of } trong nhóm theo thành phần từng ngày
    }
CARD_CHANGED = Trước: { $before } Nay: { $after }
CARD_CAME = Nay đã có phiếu điểm: { $after }
CARD_WENT = Không còn phiếu điểm nữa. Trước: { $before }
CARD_CREDITED_CHANGED = Bản ghi được ghi nhận: trước { $before }; nay { $after }.
CARD_LINE_CHANGED = { $name }: trước { $before }; nay { $after }.
CARD_LINE_CAME = { $name }: nay được tính: { $after }.
CARD_LINE_WENT = { $name }: không còn được tính: trước { $before }.
CARD_STANDING = { $measured }, { $points } điểm, với trọng số { $weight }% được { $weighted }
    .dropped = { $measured }, không chấm điểm
CARD_WORKED_OUT_ANEW = Điểm không đổi; điểm đã được tính lại từ các số khác.
LADDER_REFUND = { $refund } là khoản hoàn tiền của { $sale }: được ghi nhận như bản ghi đó và làm giảm số tiền của nó
LADDER_BEGAN =
    Bắt đầu lúc { $at } trên { $account }, { $phase ->
        [shared] ngày đó là tài khoản dùng chung
        [mixed] ngày đó đang chuyển từ dùng chung sang định danh
       *[named] ngày đó là tài khoản định danh
    }.
LADDER_TAG_NONE = Nhãn: nền tảng không nêu tên ai.
LADDER_TAG_UNKNOWN = Nhãn: nền tảng nêu “{ $agent }”, ngày đó không ứng với ai đang làm việc hoặc ứng với nhiều người.
LADDER_TAG = Nhãn: nền tảng nêu “{ $agent }”, tức { $person }: bản ghi là của người này.
LADDER_NAMED_WITHOUT = Trên tài khoản định danh chỉ tính nhãn và bàn giao, mà không có cả hai: không ghi nhận cho ai.
LADDER_DUTY_NONE = Trực: lúc đó không ai giữ tài khoản hay đang trực.
LADDER_DUTY = Trực: { $list }.
LADDER_DUTY_ANSWERED = Trực khi được trả lời: { $list }.
    .unheld = Trực: lúc bắt đầu không ai giữ tài khoản hay đang trực; khi được trả lời, { $list }.
LADDER_ON_DUTY =
    { $person } { $rule ->
        [handover] giữ tài khoản theo bàn giao
        [roster] được xếp ca
        [punch] thuộc nhóm và đã chấm công vào
       *[team] thuộc nhóm
    }, { $from } đến { $to } [{ $evidence }]
LADDER_SHARES = { $before }, { $share }
LADDER_BY_SESSION = Bản ghi khác trong cùng phiên của khách hàng có nêu tên nhân viên phục vụ nên bản ghi này theo đó: { $shares }.
LADDER_BY_TAG = Ghi nhận theo nhãn: { $shares }.
LADDER_BY_HANDOVER = Một người giữ tài khoản theo bàn giao: { $shares }.
LADDER_SOLE = Một người đang trực: { $shares }.
LADDER_INFERRED = Nhiều người đang trực; ai bận với bản ghi khác và cách làm việc của mỗi người giúp phân biệt: { $shares }.
LADDER_EQUAL = Nhiều người đang trực và quá ít căn cứ để phân biệt nên chia đều: { $shares }.
LADDER_TEAM = Tài khoản hoàn toàn không có căn cứ trực nên cả nhóm cùng chia: { $shares }.
LADDER_NOBODY = Vì vậy không ghi nhận cho ai.
LADDER_CONTRIBUTORS = Người đóng góp: { $list }.
LADDER_CONTRIBUTOR =
    { $role ->
        [first_answer] trả lời đầu tiên
        [closer] chốt đơn
       *[after_sales] phục vụ sau bán
    }: “{ $agent }”, tức { $person }
LADDER_CONTRIBUTOR_UNKNOWN =
    { $role ->
        [first_answer] trả lời đầu tiên
        [closer] chốt đơn
       *[after_sales] phục vụ sau bán
    }: “{ $agent }”, ngày đó không ứng với ai đang làm việc hoặc ứng với nhiều người
LADDER_SPLIT = Ghi nhận theo vai trò, theo quy tắc “{ $version }”: trả lời đầu tiên { $first_answer }, chốt đơn { $closer }, sau bán { $after_sales }; phần của vai trò không ai đảm nhận được chia theo tỷ lệ cho các vai trò khác: { $shares }.
LADDER_BY_SPLIT = Ghi nhận theo vai trò: { $shares }.
LADDER_BY_CLAIM = Được tự nhận bằng một lần bấm: { $shares }.
LADDER_CLICKED = { $person } bấm lúc { $at }.
LADDER_BY_DEVICE = Được phục vụ trên thiết bị { $device }, khi đó là của một người: { $shares }.
LADDER_BY_REPLIES = Nhiều người đang trực, mỗi người cùng lúc có nhiều hội thoại; thời điểm của các câu trả lời giúp phân biệt: { $shares }.
LADDER_BY_TAG_SHARE = Nhiều người đang trực, mỗi người cùng lúc có nhiều hội thoại; họ chia theo các bản ghi gần về thời gian có nêu tên nhân viên phục vụ: { $shares }.
LADDER_NOT_SPLIT = Chính sách không cho các vai trò được nêu phần nào: bản ghi được ghi nhận như không nêu người đóng góp.
LADDER_WORTH = Trên tài khoản này, dự kiến khoảng { $now } số bản ghi được ghi nhận cho người khác; nếu chấm công cả giờ nghỉ thì khoảng { $breaks }, nếu 30% câu trả lời có thiết bị thì khoảng { $devices }, nếu một nửa số bản ghi được tự nhận thì khoảng { $claims }. Đây là dự kiến theo mức độ không chắc chắn của tháng này, không phải cam kết.
WHY = { $first } ({ $part }%) chứ không phải { $second } ({ $rest }%): { $what }.
WHY_AGAINST =
    { $why } { $sign ->
        [hands] Khoảng ngừng từ câu trả lời trước lại nghiêng về { $second }.
        [thread] Phần hội thoại trước đó lại nghiêng về { $second }.
        [profile] Loại câu trả lời lại nghiêng về { $second }.
       *[device] Thiết bị lại nghiêng về { $second }.
    }
WHY_SOMEBODY = người khác
WHY_SECONDS = { $count } giây
WHY_MINUTES = { $count } phút
WHY_HOURS = { $count } giờ
WHY_DAYS = { $count } ngày
WHY_HANDS = { $one }, { $other }
    .short = { $one }, { $other }, hầu như không đủ thời gian cho một câu trả lời nữa
    .usual = { $one }, { $other }, và khoảng ngừng như vậy thường gặp hơn ở { $first }
WHY_WROTE = { $who } trả lời lần cuối { $pause } trước đó
WHY_NOT_YET = { $who } vào trực { $pause } trước đó và chưa trả lời
WHY_THREAD = { $first } có lẽ đã trả lời khách hàng này { $pause } trước đó
WHY_PROFILE = { $first } trả lời khách hàng đã chờ { $wait } thường xuyên hơn { $second }
    .first = { $first } trả lời lần đầu cho khách hàng đã chờ { $wait } thường xuyên hơn { $second }
    .again = { $first } viết tiếp { $wait } sau một câu trả lời, khi khách hàng chưa nhắn thêm, thường xuyên hơn { $second }
    .unasked = { $first } nhắn cho khách hàng chưa viết gì thường xuyên hơn { $second }
WHY_WAIT =
    { $class ->
        [0] dưới 5 phút
        [1] 5 đến 20 phút
        [2] 20 đến 60 phút
        [3] 1 đến 4 giờ
        [4] 4 đến 24 giờ
       *[other] hơn một ngày
    }
WHY_DEVICE = thiết bị dùng để viết là của { $first }
    .same = { $first } có lẽ đã viết trên cùng thiết bị trước đó
WHY_DUTY = trong { $all } câu trả lời của bản ghi, { $first } đang trực ở { $count } câu, { $second } ở { $other } câu
WHY_NAMES = trong các bản ghi cách nhau không quá một giờ có nêu tên nhân viên phục vụ và họ đang trực, { $first } có { $count } trên { $all } còn { $second } có { $other } trên { $others }
    .all = trong các bản ghi của tài khoản có nêu tên nhân viên phục vụ và họ đang trực, { $first } có { $count } trên { $all } còn { $second } có { $other } trên { $others }
WHY_TOGETHER = không dấu hiệu nào tự quyết định, mà là tất cả câu trả lời xung quanh cộng lại
WHY_TOO_FEW_REPLIES = Không phân biệt được: tài khoản có quá ít bản ghi có thời điểm trả lời để suy ra.
WHY_TOO_DENSE = Không phân biệt được: trên tài khoản này các câu trả lời quá dày nên chỉ riêng thời điểm là không đủ, và quá ít bản ghi có tên, được tự nhận hoặc được viết trên thiết bị đã biết.
WHY_CLOCK_WITHOUT_SECONDS = Không phân biệt được: thời điểm trả lời của tài khoản không có số giây đáng tin.
WHY_NO_REPLY_TIMES = Không phân biệt được: mỗi người có thể có nhiều hội thoại cùng lúc, và không biết câu trả lời nào cho hội thoại này được viết khi họ đang trực.
CREDIT_ACCOUNT_UNKNOWN = { $records } bản ghi của một tài khoản mà phần chấm công không biết đã bị bỏ qua
CREDIT_UNKNOWN_AGENT = { $records } bản ghi nêu nhân viên phục vụ “{ $agent }”, vào ngày của chúng không ứng với ai đang làm việc hoặc ứng với nhiều người: chúng được coi như không có tên
CREDIT_NO_EVIDENCE = hoàn toàn không có lịch phân ca, lượt chấm công hay bàn giao: nhóm cùng chia { $records } bản ghi
CREDIT_NOBODY_ON_DUTY = { $records } bản ghi đến khi không ai đang trực: không ghi nhận cho ai
CREDIT_TAG_OFF_DUTY = { $records } bản ghi nêu tên { $person }, người không đang trực khi đó: tên được nêu được tính
CREDIT_NAMED_WITHOUT_AGENT = { $records } bản ghi của tài khoản định danh không nêu tên ai: không ghi nhận cho ai ngoài theo bàn giao
CREDIT_MIXED_WITHOUT_TAG = { $records } bản ghi của tài khoản hỗn hợp không nêu tên ai: ghi nhận như trên tài khoản dùng chung
CONTRIBUTOR_UNKNOWN = { $records } phần đóng góp là của “{ $agent }”, vào ngày đó không ứng với ai đang làm việc hoặc ứng với nhiều người: phần của họ thuộc về những người đóng góp khác
CREDIT_CONTRIBUTOR_OFF_DUTY = { $records } bản ghi nêu { $person } là người đóng góp, người không đang trực khi bản ghi bắt đầu: tên được nêu được tính
CREDIT_CONTRIBUTORS_NOT_SPLIT = { $records } bản ghi có nêu người đóng góp, mà chính sách không cho các vai trò đó phần nào: tên vẫn được lưu, và bản ghi được ghi nhận như không nêu ai
CREDIT_TOO_FEW_TO_INFER = { $records } bản ghi có nhiều người đang trực, quá ít để suy luận: chia đều
CREDIT_DID_NOT_SETTLE = việc suy luận trên { $records } bản ghi không hội tụ: chia đều
CREDIT_SEVERAL_AT_ONCE = { $records } bản ghi có nhiều người đang trực, mỗi người cùng lúc có nhiều hội thoại: chia đều
CREDIT_TOO_FEW_REPLIES = { $records } bản ghi có thời điểm trả lời, quá ít trên mỗi người để phân biệt những người cùng lúc có nhiều hội thoại: chia đều cho người đang trực ở mỗi câu trả lời
CREDIT_REPLIES_TOO_DENSE = { $records } bản ghi thuộc một tài khoản có các câu trả lời quá dày nên chỉ riêng thời điểm không phân biệt được người, và chưa đến một phần mười câu trả lời cho biết là của ai: chia đều cho người đang trực ở mỗi câu trả lời
CREDIT_EVIDENCE_UNEVEN = { $records } bản ghi không cho biết là của ai, trên một tài khoản mà một số người nêu tên, tự nhận hoặc viết trên thiết bị đã biết nhiều hơn hẳn người khác, { $person } ít nhất: tính trọng số theo phần mỗi người không cho biết
    .equal = { $records } bản ghi không cho biết là của ai, trên một tài khoản mà một số người tự nhận hoặc viết trên thiết bị đã biết nhiều hơn hẳn người khác, { $person } ít nhất: chia đều, như vậy là quá ít cho { $person } nếu họ làm nhiều như người khác
CREDIT_CLOCK_WITHOUT_SECONDS = hơn một phần mười câu trả lời của { $records } bản ghi rơi đúng phút chẵn nên đồng hồ của chúng không đáng tin: chia đều cho người đang trực ở mỗi câu trả lời
CREDIT_CLAIM_OFF_DUTY = { $person } tự nhận { $records } hội thoại khi không đang trực: lượt tự nhận không được tính
CREDIT_CLAIM_WITHOUT_RECORD = { $person } tự nhận { $records } hội thoại không có bản ghi: lượt tự nhận không được tính
CREDIT_CLAIMS_DIFFER =
    { $person } tự nhận { $record } lúc { $at }, còn { $second } đã tự nhận lúc { $before }: không lượt nào quyết định{ $more ->
        [0] { "" }
       *[other] . { $more } bản ghi khác trong ngày đó cũng vậy
    }
    .tag =
        { $person } tự nhận { $record } lúc { $at }, còn nền tảng nêu tên { $second } cho bản ghi đó: tên được nêu được tính{ $more ->
            [0] { "" }
           *[other] . { $more } bản ghi khác trong ngày đó cũng vậy
        }
CREDIT_DEVICE_OFF_DUTY = thiết bị { $device } của { $person }, người không đang trực khi đó, được dùng { $records } lần: không được tính
    .there = thiết bị { $device } của { $person }, người khi đó đang trực cho { $place }, được dùng { $records } lần: không được tính
    .elsewhere = thiết bị { $device } của một người chưa từng trực ở đây được dùng { $records } lần: không được tính
DEVICE_BOUND_TO_SEVERAL = từ { $from } thiết bị { $device } cùng lúc thuộc về nhiều người hoặc nhiều chỗ ngồi: đăng ký vẫn được giữ, và những gì viết trên đó khi ấy không cho biết điều gì
    .ever = thiết bị { $device } ngay từ đầu đã cùng lúc thuộc về nhiều người hoặc nhiều chỗ ngồi: đăng ký vẫn được giữ, và những gì viết trên đó khi ấy không cho biết điều gì
CREDIT_DEVICE_OF_SEVERAL =
    thiết bị { $device } cùng lúc là của { $more ->
        [0] { $first } và { $second }
       *[other] { $first }, { $second } và { $more } người khác
    }, và được dùng { $records } lần: không được tính
    .beyond = thiết bị { $device } cùng lúc là của { $person } và của một người chưa từng trực ở đây, và được dùng { $records } lần: không được tính
    .unknown = thiết bị { $device } cùng lúc là của nhiều người, và được dùng { $records } lần: không được tính
DEVICE_OF_NOBODY =
    { $devices ->
        [1] thiết bị { $device } chưa đăng ký cho ai được dùng
       *[other] { $devices } thiết bị chưa đăng ký cho ai, ví dụ { $device }, được dùng
    } { $records } lần: điều đó chỉ cho biết những gì do cùng một người viết
    .near = thiết bị { $device } chưa đăng ký cho ai được dùng { $records } lần, còn { $near } đã đăng ký thì chưa dùng lần nào: có phải là thiết bị đó không?
    .seat = thiết bị { $device } của chỗ ngồi { $seat } được dùng { $records } lần khi không ai được xếp vào chỗ đó: khi ấy nó không của ai
    .ended = thiết bị { $device } được dùng { $records } lần sau { $to }, ngày cuối của đăng ký: khi ấy nó không của ai
    .coming = thiết bị { $device } được dùng { $records } lần trước { $from }, ngày đầu của đăng ký: khi ấy nó không của ai
EVIDENCE_NOT_READ = phiên bản { $version } của chính sách không đọc lượt tự nhận, thiết bị hay thời điểm tin nhắn. Trong tháng, tài khoản có: lượt tự nhận, { $claims }; bản ghi có thời điểm tin nhắn, { $replies }; thiết bị được nêu trong bản ghi hoặc tin nhắn, { $devices }
CREDIT_REPLY_OUTSIDE_RECORD = { $records } câu trả lời nằm trước khi bản ghi bắt đầu hoặc sau khi kết thúc: không được tính
BREAKS_NOT_PUNCHED = { $days } ngày làm việc của { $people } người là một khoảng trực liền mạch, trong đó từ hai giờ trở lên hầu như không có việc nào của họ trong khi người khác làm việc. Nếu chấm công cả giờ nghỉ, dự kiến khoảng { $breaks } số bản ghi của tài khoản được ghi nhận cho người khác, thay vì khoảng { $now }
CREDIT_CLOCKS_APART = tin nhắn của { $records } bản ghi theo đồng hồ nhanh hơn đồng hồ của bản ghi { $minutes } phút { $seconds } giây: chúng được đọc sớm hơn chừng đó
    .behind = tin nhắn của { $records } bản ghi theo đồng hồ chậm hơn đồng hồ của bản ghi { $minutes } phút { $seconds } giây: chúng được đọc muộn hơn chừng đó
AMOUNTS_CONVERTED =
    số tiền của { $records } bản ghi được quy đổi từ { $from } sang { $to }, mỗi số theo tỷ giá của ngày địa phương và làm tròn một lần: { $rates }{ $more ->
        [0] { "" }
       *[other] { " " }và { $more } tỷ giá khác
    }
REFUND_EXCEEDS_SALE =
    có { $sales } đơn bán được hoàn nhiều hơn số tiền thu về nên được tính dưới 0: { $named }{ $more ->
        [0] { "" }
       *[other] { " " }và { $more } đơn khác
    }
REGION_SAME = lượt chuyển phải đến khu vực khác với { $region }
REPORT_NOT_A_MONTH = báo cáo nói về một tháng dương lịch, mà kỳ đánh giá kéo dài từ { $from } đến { $to }: hãy lập kỳ đánh giá của một tháng
NOTHING_TO_TELL = không đơn vị nào được báo cáo: đơn vị nào cũng dưới năm người, hoặc qua phép trừ sẽ để lộ thông tin của dưới năm người
TRANSFER_NOT_PREPARED =
    lượt chuyển { $stage ->
        [prepared] đã được chuẩn bị
        [approved] đã được phê duyệt
        [released] đã được phát hành
        [withdrawn] đã được rút lại
       *[rejected] đã bị từ chối
    } rồi
TRANSFER_NOT_APPROVED = lượt chuyển đang chờ người khác phê duyệt
TRANSFER_DROPPED =
    lượt chuyển { $stage ->
        [withdrawn] đã được rút lại
       *[rejected] đã bị từ chối
    }: hãy chuẩn bị lượt khác
TRANSFER_RELEASED = lượt chuyển đã được phát hành: điều đã báo không thể lấy lại
TRANSFER_STALE = trong lúc đó một báo cáo khác về tháng này đã được phát hành, và cả hai cộng lại sẽ để lộ thông tin của dưới năm người: hãy chuẩn bị lại
TRANSFER_MALFORMED = đây không phải là tệp cần ở đây, hoặc không đầy đủ: hãy gửi nguyên tệp mà ReleaseTransfer hoặc ExportStandard đã cấp
TRANSFER_SIGNATURE_WRONG = tệp không do hệ thống của { $region } ký: tệp đã bị sửa, hoặc ở đây thiếu khóa công khai mới của khu vực đó
REGION_KEY_UNKNOWN = ở đây chưa có khóa công khai của { $region }: hãy đặt performance.pub của khu vực đó vào thư mục khóa với tên regions/{ $region }.pub
TRANSFER_OF_ANOTHER_GROUP = tệp thuộc tập đoàn khác
TRANSFER_ALREADY_EXISTS = tệp này đã được nhập trước đó
TRANSFER_KIND_EXPECTED = hãy cho biết cần chuyển gì: báo cáo hay danh bạ

## Compensation

CYCLE_NOT_PUBLISHED = điểm vẫn có thể thay đổi: hãy công bố kỳ đánh giá trước
    .report = kỳ đánh giá chưa công bố: báo cáo chỉ nêu kết quả cuối cùng
    .correct = kỳ đánh giá chưa công bố nên không có gì để đính chính: hãy chốt lại, kỳ sẽ đọc những gì đang được tính
RESULT_VERSION_UNKNOWN = kỳ đánh giá không có phiên bản kết quả này, hoặc đến lúc đó chưa công bố phiên bản nào: hãy hỏi các phiên bản bằng ListCardVersions
VERSION_TWICE = hãy nêu phiên bản hoặc thời điểm, không nêu cả hai
CYCLE_CORRECTION_UNDERWAY = đính chính { $cycle } của kỳ đánh giá này chưa công bố, và có lý do hoặc phiên bản phương án khác: hãy yêu cầu đúng như nội dung của nó để tính lại, công bố nó (PublishCycle), hoặc bỏ nó (CancelCycle) rồi yêu cầu lại
CORRECTION_CHANGES_NOTHING = mọi phiếu điểm đều như đã công bố nên không có gì để công bố: hãy bỏ đính chính này (CancelCycle); khi căn cứ của kỳ đánh giá đã được sửa, hãy yêu cầu lại
ACCOUNTS_EXPECTED = hãy nêu ít nhất một tài khoản, và tối đa { $most }
ACCOUNT_UNKNOWN_HERE = không có tài khoản { $account } mà bạn được hỏi: hãy tra mã bằng ListAccounts
UNIT_UNKNOWN_HERE = không có đơn vị { $unit } trong phạm vi của lượt ghi nhận: hãy tra mã bằng ListOrgUnits, hoặc cho bắt đầu lượt ở đơn vị cấp trên
ACCOUNTS_OR_SCHEME = chỉ nêu tài khoản hoặc phương án, không nêu cả hai: hãy bỏ một trong hai
POOL_WITHOUT_PEOPLE = quỹ thưởng không có ai để chi: kỳ đánh giá không có phiếu điểm nào của đơn vị có quỹ
POOL_OUTSIDE_CYCLE = quỹ thưởng phải thuộc đơn vị của kỳ đánh giá hoặc cấp dưới: hãy nêu đơn vị như vậy, hoặc để trống nếu là đơn vị của kỳ đánh giá
PAY_OUTSIDE_UNIT = có { $count } người có phiếu điểm trong kỳ đánh giá nhưng không thuộc đơn vị của quỹ thưởng vào ngày cuối của kỳ: { $people }. Đơn vị chỉ chi cho người của mình: hãy chốt kỳ đánh giá với diện đánh giá không gồm những người này
    .correction = có { $count } người có phiếu điểm trong kỳ đánh giá nhưng không thuộc đơn vị của quỹ thưởng vào ngày cuối của kỳ: { $people }. Đơn vị chỉ chi cho người của mình: hãy đính chính kỳ đánh giá trước (CorrectCycle), rồi lập lại bản nháp đính chính này
POOL_NEGATIVE = quỹ thưởng không thể nhỏ hơn 0: hãy nêu số tiền từ 0 trở lên; quỹ không thể thu tiền về
ZERO_SCORES = không có điểm nào lớn hơn 0 nên không có căn cứ để chia: hãy xem các phiếu điểm của kỳ đánh giá trước
PART_WITHOUT_CLAIM = phần { $place } của quỹ thưởng không có ai nhận: không điểm nào đạt bậc có trọng số, hoặc mức sàn; hãy thay đổi quy tắc của phần này
SETTLEMENT_NOT_DRAFT =
    quyết toán { $stage ->
        [draft] là bản nháp
        [approved] đã được phê duyệt
        [posted] đã ghi sổ
       *[discarded] đã bị hủy bỏ
    }, không phải bản nháp
SETTLEMENT_NOT_APPROVED =
    quyết toán { $stage ->
        [draft] là bản nháp
        [approved] đã được phê duyệt
        [posted] đã ghi sổ
       *[discarded] đã bị hủy bỏ
    }; chỉ quyết toán đã phê duyệt mới ghi sổ được
SETTLEMENT_POSTED = quyết toán đã ghi sổ không bao giờ thay đổi: hãy lập bản nháp đính chính, và quyết toán tiếp theo sẽ chi phần chênh lệch
SETTLEMENT_NOT_POSTED =
    quyết toán { $stage ->
        [draft] là bản nháp
        [approved] mới được phê duyệt
       *[discarded] đã bị hủy bỏ
    }, mà chỉ quyết toán đã ghi sổ mới được đính chính: hãy hủy bỏ rồi lập lại bản nháp
PAY_CORRECTION_WAITS = đính chính { $correction } của quyết toán đang chờ phê duyệt: hãy phê duyệt hoặc rút lại nó trước
NOTHING_TO_CORRECT = theo các phiếu điểm hiện nay, ai cũng nhận đúng số mà quyết toán và các đính chính đã cho: hãy đính chính kỳ đánh giá trước, nếu không thì không có gì để sửa
PAY_CORRECTION_NOT_DRAFT =
    đính chính { $stage ->
        [approved] đã được phê duyệt
       *[withdrawn] đã được rút lại
    }, không phải bản nháp
DELTAS_WAIT_NOW = phần đang chờ chỉ được nêu theo hiện tại: hãy bỏ known_at, hoặc waiting_only
CORRECTION_REASON_MISSING = hãy cho biết lý do: mỗi bảng kê đều hiển thị
POOL_THERE = quỹ thưởng { $pool } của kỳ đánh giá này có cùng tên, số tiền và quy tắc: hãy quyết toán quỹ đó, hoặc đặt tên khác cho quỹ này nếu đúng là có thêm một khoản như vậy
POOL_PAID = một quyết toán của quỹ thưởng { $pool } đã ghi sổ, và mỗi quỹ chỉ chi một lần: hãy hủy bỏ các quyết toán khác, và tạo quỹ khác với tên khác nếu còn tiền để chi
CARRY_MOVED = từ khi lập bản nháp này, một quyết toán khác đã ghi sổ hoặc một đính chính đã được phê duyệt làm thay đổi phần tiền lẻ: hãy lập lại bản nháp
DELTA_SCORE = điểm được sửa từ { $old } thành { $new }
DELTA_AGAINST =
    { $by ->
        [fell] điểm của bản thân được sửa từ { $old } thành { $new }, nhưng điểm của những người khác giảm nhiều hơn, tổng cộng từ { $others_old } xuống { $others_new }: vì vậy phần trong quỹ tăng lên
        [rose] điểm của bản thân được sửa từ { $old } thành { $new }, nhưng điểm của những người khác tăng nhiều hơn, tổng cộng từ { $others_old } lên { $others_new }: vì vậy phần trong quỹ giảm đi
        [less] điểm của bản thân được sửa từ { $old } thành { $new }, và điểm của những người khác tổng cộng từ { $others_old } thành { $others_new }: theo quy tắc của quỹ, phần trong quỹ vẫn giảm đi
       *[more] điểm của bản thân được sửa từ { $old } thành { $new }, và điểm của những người khác tổng cộng từ { $others_old } thành { $others_new }: theo quy tắc của quỹ, phần trong quỹ vẫn tăng lên
    }
DELTA_ADDED = đã thêm điểm { $score }
DELTA_REMOVED = điểm { $score } đã bị rút lại
DELTA_OTHERS = điểm của những người khác được sửa, mà quỹ được chia cho tất cả
POOL_WITHOUT_PARTS = cần ít nhất một phần
SHARES_NOT_WHOLE = các phần cộng lại là { $sum } phần triệu, không đúng bằng 1000000
PART_OF_NOTHING = phần này bằng không: hãy bỏ đi
PART_RULE_MISSING = hãy cho biết cách chia phần này: tiers, proportional hoặc team_fund
PART_WITHOUT_TIERS = cần ít nhất một bậc
TIERS_OUT_OF_ORDER = hãy viết bậc tốt nhất trước, mỗi bậc sau có min_score thấp hơn
TIERS_MIXED = hãy cho mọi bậc một min_score, hoặc mọi bậc một hạn mức
TIERS_WITHOUT_WEIGHT = mọi trọng số đều bằng 0 nên không ai nhận được gì
TIER_WEIGHTS_OUT_OF_ORDER = bậc kém hơn có trọng số lớn hơn bậc tốt hơn
STATEMENT_AMOUNT =
    { $paid } cho điểm { $score }: { $than ->
        [less] ít hơn { $difference } so với
        [same] bằng với
       *[more] nhiều hơn { $difference } so với
    } { $equal } nếu chia đều.
STATEMENT_WITHOUT_TIER = Phần { $number } ({ $share } của quỹ, { $part }), theo bậc: điểm không đạt bậc nào, nên { $amount }.
STATEMENT_TIER_WITHOUT_WEIGHT = Phần { $number } ({ $share } của quỹ, { $part }), theo bậc: bậc { $tier } không có trọng số, nên { $amount }.
STATEMENT_NOT_ABOVE_FLOOR = Phần { $number } ({ $share } của quỹ, { $part }), tỷ lệ theo điểm: điểm không cao hơn { $floor }, nên { $amount }.
STATEMENT_PART = Phần { $number } ({ $share } của quỹ, { $part }), { $claim } trên tổng { $sum }; { $major } × { $weight } / { $sum } = { $rounded }{ $carried }; vậy { $amount }.
STATEMENT_BY_TIER = theo bậc: bậc { $tier } có trọng số { $weight }
STATEMENT_ABOVE_FLOOR = tỷ lệ theo điểm vượt { $floor }: { $points } điểm
STATEMENT_BY_SCORE = tỷ lệ theo điểm: { $points } điểm
STATEMENT_EXACT = đúng { $whole }
STATEMENT_ROUNDED =
    { $whole } và { $fraction } của { $smallest }; { $came ->
        [yes] một trong { $units } phần lẻ { $smallest } về đây
       *[no] không phần nào trong { $units } phần lẻ { $smallest } về đây
    }
STATEMENT_CARRIED = ; chuyển từ kỳ trước { $before }, chuyển sang kỳ sau { $after }

## The bundle: what is said of files, rows and settings. A reason and its cure are two cells of rejected.csv

UNUSABLE = { $file }: { $problem }. { $cure }.
SEVERAL_PROBLEMS = { $problems }
REASON_ALSO = { $reason }; ngoài ra { $column }: { $more }
AND_MORE_ROWS = { $count } dòng khác của tệp này bị loại
AND_MORE_ROWS_CURE = hãy sửa các dòng ở trên trước: các dòng khác phần lớn bị loại vì cùng lý do
AND_MORE_FINDINGS = và nhiều phát hiện cùng loại khác
FIRST_REJECTED = dòng { $line }{ $column }: { $reason } ({ $cure })
FIRST_REJECTED_COLUMN = , cột { $column }
EVERY_ROW_REJECTED = ; mọi dòng đều bị loại: { $first }
ROWS_REJECTED = ; { $count } dòng bị loại, đầu tiên là: { $first }
HINT_NEAR = ; có phải là { $near } không?
HINT_MEANT = { " " }(có phải là { $near } không?)
HINT_MEANT_AS = { " " }(có phải { $near } chính là { $column } không?)
HINT_THERE_IS = { " " }(hiện có { $near })
NO_FOLDER = không đọc được như một thư mục ({ $error })
NO_FOLDER_CURE = hãy nêu thư mục chứa people.csv, accounts.csv và records.csv
MISSING_FILE = không có trong { $folder }{ $hints }
MISSING_FILE_CURE = hãy thêm tệp với đúng tên này; docs/bundle.md mô tả mọi tệp
NOT_A_FILE = không phải là tệp
NOT_A_FILE_CURE = hãy đặt tệp CSV hoặc YAML vào chỗ đó
UNREADABLE = không đọc được ({ $error })
UNREADABLE_CURE = hãy kiểm tra tệp và quyền của tệp
UNKNOWN_FILE = không có gì đọc tệp này{ $hint }
EMPTY_OPTIONAL_FILE = tệp trống nên đã bỏ qua
THE_PERIOD = kỳ
PERIOD_BACKWARDS_CURE = hãy đổi chỗ --from và --to
PERIOD_HALF = thiếu một trong hai đầu của kỳ
PERIOD_HALF_CURE = hãy nêu cả --from và --to, hoặc bỏ cả hai
PERIOD_OF_DAYS = kỳ có { $days } ngày, mà mỗi lần chốt tối đa { $most } ngày
PERIOD_OF_DAYS_CURE = hãy chốt thành từng phần
TEAM_WITHOUT_PEOPLE = trong people.csv không ai thuộc nhóm { $team } của tài khoản
BRANCH_WITHOUT_PEOPLE = trong people.csv không ai thuộc chi nhánh này
TOO_LARGE_SETTINGS = lớn hơn 1 MiB
TOO_LARGE_SETTINGS_CURE = thiết lập chỉ là một trang văn bản: hãy kiểm tra có đúng tệp mang tên này không
NOT_VALID_TEXT = không phải là văn bản hợp lệ
NOT_VALID_TEXT_CURE = hãy lưu dưới dạng UTF-8
ZERO_BYTES = có chứa byte 0, thứ mà tệp CSV hay YAML không có
ZERO_BYTES_CURE = hãy xuất lại thành CSV dạng UTF-8 (tệp bảng tính không phải là tệp CSV)
UNKNOWN_ENCODING = văn bản không phải UTF-8, UTF-16 hay GBK (có vẻ là { $encoding })
BAD_YAML = không phải là YAML hợp lệ: { $cause } (bộ phân tích báo “{ $said }”)
    .at = không phải là YAML hợp lệ ở dòng { $line }, cột { $column }: { $cause } (bộ phân tích báo “{ $said }”)
YAML_KEY_TWICE = khóa { $key } xuất hiện hai lần
    .lines = khóa { $key } xuất hiện hai lần, ở dòng { $first } và dòng { $second }
YAML_TAB = có dấu tab ở chỗ chỉ được dùng dấu cách
YAML_NOT_CLOSED = dấu ngoặc vuông, ngoặc nhọn hoặc dấu nháy đã mở mà chưa đóng
YAML_NO_VALUE = ở đó cần một giá trị
YAML_BAD_START = không giá trị nào bắt đầu bằng ký hiệu này: hãy đặt văn bản trong dấu nháy
YAML_SIGN = văn bản bắt đầu bằng &, * hoặc ! là tham chiếu hoặc thẻ: hãy đặt trong dấu nháy
YAML_ESCAPE = dấu gạch chéo ngược trong nháy kép mở đầu ký tự đặc biệt: hãy viết hai lần, hoặc dùng nháy đơn
YAML_STRUCTURE = khóa, dấu hai chấm hoặc khoảng thụt đầu dòng không đúng ở đó
YAML_OTHER = không đọc được ở đó
BAD_YAML_CURE = hãy sửa YAML ở đó: hai dấu cách cho mỗi cấp, một dấu cách sau mỗi dấu hai chấm
YAML_KEY_TWICE_CURE = hãy giữ khóa đúng và xóa khóa kia
YAML_NUMBER_TOO_LARGE = có số quá lớn để đọc (bộ phân tích báo: “{ $said }”)
YAML_NUMBER_TOO_LARGE_CURE = hãy viết số nhỏ hơn
YAML_UNSEEN = dòng { $line } chứa ký tự không nhìn thấy { $character }
YAML_UNSEEN_CURE = hãy xóa ký tự đó, hoặc gõ lại dòng
INVALID_SETTINGS_CURE = hãy sửa các giá trị này; docs/bundle.md có ví dụ

## The bundle: tables

EMPTY_FILE = tệp trống
EMPTY_FILE_CURE = hãy điền nội dung: dòng đầu tiên là { $header }
NOT_CSV = không phải là tệp CSV có dòng tiêu đề: { $why }
NOT_CSV_CURE = hãy xuất thành CSV; dòng đầu tiên là { $header }
    .named = hãy xóa dòng có `sep=`, hoặc lưu lại tệp với một dấu phân cách
NOT_CSV_NO_END = dòng đầu tiên không có kết thúc, hoặc có dấu nháy chưa đóng
NOT_CSV_NO_TEXT = dòng đầu tiên không phải là văn bản
NOT_CSV_NO_COLUMN = dòng đầu tiên không nêu tên cột nào
    .named_not = dòng đầu tiên ghi `sep={ $named }`, mà dòng tiêu đề bên dưới được phân cách bằng `{ $sign }`
    .named_not_tab = dòng đầu tiên ghi `sep={ $named }`, mà dòng tiêu đề bên dưới được phân cách bằng dấu tab
CONVERTED_ENCODING = đã đọc theo { $encoding } và chuyển sang UTF-8
SEPARATED_BY_TAB = các cột được phân cách bằng dấu tab
SEPARATED_BY_SIGN = các cột được phân cách bằng ký hiệu { $sign }
SEPARATED_BY_SEMICOLON = các cột được phân cách bằng dấu chấm phẩy
LINE_TOO_LONG = dòng dài hơn 1 MiB
LINE_TOO_LONG_CURE = hãy kiểm tra dấu kết thúc dòng bị mất ở đâu
TOO_MANY_CELLS = dòng có { $cells } ô, dòng tiêu đề có { $columns }
TOO_MANY_CELLS_CURE = hãy đặt ô có dấu phẩy hoặc dấu nháy trong nháy kép
NOT_TEXT_IN_ENCODING = có byte không phải là văn bản theo bảng mã của tệp
UNSEEN_CHARACTER = có chứa ký tự không nhìn thấy { $character }
UNSEEN_CHARACTER_CURE = hãy xóa nó: gõ lại ô, hoặc làm sạch cột trong chương trình xuất ra
OPEN_QUOTE = có dấu nháy mở ô mà không đóng đúng chỗ
OPEN_QUOTE_CURE = hãy viết dấu nháy trong ô hai lần, như "màn hình 5"""
UNBALANCED_QUOTES = dấu nháy không khớp cặp ở rất nhiều chỗ, lần cuối thấy ở dòng { $line }
UNBALANCED_QUOTES_CURE = hãy xuất lại thành CSV: dấu nháy trong ô được viết hai lần
COLUMN_TWICE = cột { $column } xuất hiện hai lần
    .names = cột { $column } xuất hiện hai lần, là “{ $one }” và “{ $other }”
COLUMN_TWICE_CURE = hãy giữ một cột, hoặc đặt tên khác cho cột kia
MISSING_COLUMNS = dòng tiêu đề không có cột { $columns }{ $hints }
MISSING_COLUMNS_CURE = hãy thêm cột; dòng tiêu đề đầy đủ là { $header }
MISSING_KIND_CURE = hãy thêm cột; dòng tiêu đề đầy đủ là { $header }; hoặc viết `punches: alternating` hay `punches: first_last` vào group.yaml
MISSING_COLUMN = không có cột này: coi như trống ở mọi dòng
UNKNOWN_COLUMN = không có gì đọc cột này{ $hint }
EQUAL_ROWS = các dòng giống nhau chỉ lấy một lần (bỏ { $count })

## The bundle: cells

IT_IS_EMPTY = ô trống
IT_IS_EMPTY_CURE = hãy điền vào
TOO_MANY_CHARACTERS = dài hơn { $most } ký tự
TOO_MANY_CHARACTERS_CURE = hãy viết ngắn lại
TOO_MANY_MEASURES = dòng có hơn { $most } số đo ngoài các cột đã biết
TOO_MANY_MEASURES_CURE = hãy bỏ những cột không có gì đo
NO_TIME_ZONE = ‘{ $text }’ không phải là múi giờ
NO_TIME_ZONE_CURE = hãy viết tên IANA như Asia/Shanghai
STANDS_FOR_NO_VALUE = ‘{ $text }’ có nghĩa là không có giá trị
STANDS_FOR_NO_VALUE_CURE = hãy viết mã; nếu không có mã, hãy bỏ dòng này
FORMULA_FAILED = ‘{ $text }’ là thứ bảng tính hiển thị khi công thức lỗi, không phải giá trị
FORMULA_FAILED_CURE = hãy sửa công thức, hoặc xuất cột từ nơi gốc; chỉ để trống ô khi không có giá trị
NEITHER_YES_NOR_NO = ‘{ $text }’ không phải là có hay không
NEITHER_YES_NOR_NO_CURE = hãy viết true, false, 1, 0, yes, no, 是 hoặc 否, hoặc để trống
NO_SMALL_COUNT = ‘{ $text }’ không phải là số nguyên từ 1 đến 1000
NO_SMALL_COUNT_CURE = hãy viết một số như vậy
IT_IS_NEGATIVE = số âm
IT_IS_NEGATIVE_CURE = hãy viết số từ 0 trở lên, hoặc để trống
NUMBER_ABOVE_RANGE = { $text } quá lớn
NUMBER_ABOVE_RANGE_CURE = hãy viết số từ 0 đến { $most }, hoặc để trống nếu không đo
NO_NUMBER = ‘{ $text }’ không phải là số
    .comma = ‘{ $text }’ có dấu phẩy, mà khi group.yaml không có `numbers` thì số chỉ dùng dấu chấm và không phân cách hàng nghìn
    .exponent = ‘{ $text }’ có số mũ, thứ không được dùng trong số
NO_NUMBER_CURE = hãy viết chữ số với dấu chấm, như 12.5, hoặc để trống nếu không đo
    .needed = hãy viết chữ số với dấu chấm, như 12.5, hoặc bỏ dòng này
NEGATIVE_AMOUNT = số tiền { $text } là số âm
NEGATIVE_AMOUNT_CURE = hãy viết khoản hoàn tiền thành dòng riêng có số tiền âm và nêu external_id của đơn bán trong refers_to, hoặc để trống ô
NO_AMOUNT = ‘{ $text }’ không phải là số tiền
NO_AMOUNT_CURE = hãy viết chữ số với dấu chấm, như 1234.50, không có ký hiệu tiền tệ, hoặc nêu trong group.yaml cách viết số: `numbers: { "{" }decimal: ".", grouping: ","{ "}" }` nếu là 1,234.50, `numbers: { "{" }decimal: ",", grouping: "."{ "}" }` nếu là 1.234,50
    .yaml = hãy viết chữ số với dấu chấm, như 1234.50, không có ký hiệu tiền tệ và không phân cách hàng nghìn
AMOUNT_DECIMALS = { $text } có nhiều chữ số lẻ hơn { $currency } ({ $digits })
    .told = { $text } có nhiều chữ số lẻ hơn { $currency } ({ $digits }): group.yaml nêu rằng ‘{ $sign }’ đứng trước phần lẻ
AMOUNT_DECIMALS_CURE = hãy làm tròn đến đơn vị nhỏ nhất của loại tiền, hoặc nếu 1.234 là một nghìn hai trăm ba mươi tư thì nêu trong group.yaml: `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
    .either = hãy viết { $whole } hoặc { $decimal }, số nào đúng
    .round = hãy làm tròn đến đơn vị nhỏ nhất của loại tiền
    .whole = hãy viết { $whole } nếu đúng là số đó, hoặc làm tròn đến đơn vị nhỏ nhất của loại tiền
HUGE_AMOUNT = số tiền { $text } quá lớn
HUGE_AMOUNT_CURE = hãy kiểm tra đơn vị: phải là đơn vị tiền chính
NO_DATE = ‘{ $text }’ không phải là ngày
NO_DATE_CURE = hãy viết năm-tháng-ngày, như 2026-03-02
NO_TIME = ‘{ $text }’ không phải là thời điểm
NO_TIME_CURE = hãy viết 2026-03-02 09:00:00, hoặc kèm độ lệch múi giờ 2026-03-02T09:00:00+08:00
TIME_BEYOND_RANGE = thời điểm nằm ngoài phạm vi cho phép
TIME_BEYOND_RANGE_CURE = hãy kiểm tra năm
TIME_SKIPPED = không có { $time } ở { $zone }: đồng hồ được chỉnh tới từ { $before } sang { $after }
TIME_SKIPPED_CURE = hãy viết thời điểm kèm độ lệch múi giờ, như { $time }{ $offset }
THAT_ZONE = múi giờ đó
MAY_BE_GROUPED = ‘{ $text }’ có thể là số thập phân hoặc số có phân cách hàng nghìn
GROUPED_BY_SPACE = ‘{ $text }’ có dấu cách giữa các chữ số
GROUPED_BY_SPACE_CURE = hãy bỏ dấu cách, hoặc nêu trong group.yaml cách viết số: `numbers: { "{" }decimal: ",", grouping: space{ "}" }` nếu là 1 234,50, `numbers: { "{" }decimal: ".", grouping: space{ "}" }` nếu là 1 234.50
MAY_BE_GROUPED_CURE = hãy nêu trong group.yaml cách viết số, như `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
NOT_AS_GROUP_YAML = ‘{ $text }’ không được viết theo cách mà group.yaml quy định cho số
NOT_AS_GROUP_YAML_CURE = hãy viết ‘{ $decimal }’ trước phần lẻ và không phân cách hàng nghìn, hoặc sửa `numbers` trong group.yaml
    .grouped = hãy viết ‘{ $decimal }’ trước phần lẻ và ‘{ $grouping }’ giữa các hàng nghìn, hoặc sửa `numbers` trong group.yaml
    .spaced = hãy viết ‘{ $decimal }’ trước phần lẻ và dấu cách giữa các hàng nghìn, hoặc sửa `numbers` trong group.yaml

## The bundle: people, accounts, aliases

SHORTENED_NUMBER = { $text } là số mà bảng tính đã cắt chỉ còn các chữ số đầu
EXPORT_AS_TEXT = hãy xuất cột dưới dạng văn bản
EMPTY_SEGMENT = ‘{ $text }’ có đoạn trống
EMPTY_SEGMENT_CURE = hãy viết đường dẫn với từng dấu gạch chéo một, chi nhánh đứng đầu, như East/Chat/Team 1
TOO_DEEP = sâu { $depth } cấp đơn vị
TOO_DEEP_CURE = hãy nêu tối đa { $most } đơn vị, chi nhánh đứng đầu
EMPLOYMENT_BACKWARDS = kỳ làm việc kết thúc vào { $left }, trước khi bắt đầu vào { $hired }
EMPLOYMENT_BACKWARDS_CURE = hãy sửa ngày; left_on là ngày làm việc cuối cùng
NO_PEOPLE = không có nhân viên nào{ $why }
NO_PEOPLE_CURE = hãy thêm một dòng cho mỗi nhân viên
NAMES_DIFFER = các dòng { $lines } có cùng mã số { $number } mà khác tên
NAMES_DIFFER_CURE = hãy cho mỗi người một mã số riêng, hoặc viết tên giống nhau ở mọi dòng của mã số
ZONES_DIFFER = các dòng { $lines } có cùng mã số { $number } mà khác múi giờ
ZONES_DIFFER_CURE = hãy viết múi giờ giống nhau ở mọi dòng của mã số: mỗi người chỉ có một múi giờ
EMPLOYMENTS_OVERLAP = các dòng { $lines } có cùng mã số { $number } và trùng thời gian: { $one } và { $other }
EMPLOYMENTS_OVERLAP_CURE = hãy giữ một dòng cho mỗi người, hoặc cho mỗi kỳ làm việc những ngày riêng: left_on là ngày cuối cùng
DAYS = { $from } đến { $to }
TWO_LINES = { $one } và { $other }
NO_END = không có kết thúc
MOVED = { $before } đến { $until }; { $after } từ { $from }
NO_ACCOUNTS = không có tài khoản nào{ $why }
NO_ACCOUNTS_CURE = hãy thêm một dòng cho mỗi tài khoản nền tảng
ACCOUNT_ROWS_DIFFER = các dòng của tài khoản này khác nhau ở zone, team hoặc exclusive
ACCOUNT_ROWS_DIFFER_CURE = hãy viết giống nhau ở mọi dòng của tài khoản
PHASES_ON_ONE_DAY = hai giai đoạn của tài khoản này bắt đầu cùng ngày
PHASES_ON_ONE_DAY_CURE = hãy cho mỗi giai đoạn một ngày bắt đầu riêng
SLASH_IN_NAME = ‘{ $text }’ có dấu gạch chéo
SLASH_IN_NAME_CURE = hãy bỏ dấu gạch chéo khỏi nền tảng, cửa hàng và tài khoản
NO_EMPLOYMENT_KIND = ‘{ $text }’ không phải là hình thức làm việc
NO_EMPLOYMENT_KIND_CURE = hãy viết full_time, part_time, fixed_term, intern, agency, outsourced hoặc freelance, hoặc để trống ô
NO_CONTRIBUTORS = ‘{ $text }’ không nêu người đóng góp nào
    .role = ‘{ $text }’ không nêu người đóng góp nào: “{ $role }” không phải là vai trò
    .twice = ‘{ $text }’ nêu { $named } hai lần
    .many = ‘{ $text }’ nêu nhiều hơn { $max } người đóng góp mà một bản ghi được có
NO_CONTRIBUTORS_CURE = hãy viết vai trò=mã nhân viên, nhiều người thì cách nhau bằng ;, với các vai trò first_answer, closer và after_sales, như first_answer=A001;closer=A007
    .twice = hãy bỏ một trong hai: mỗi người chỉ có một phần trong một vai trò, kể cả khi biệt danh trong aliases.csv và mã nhân viên chỉ cùng một người
    .many = hãy bỏ bớt, tối đa { $max }
POLICY_SPLIT = hãy nêu version, cùng first_answer, closer và after_sales theo phần trăm có tổng bằng 100
NO_PHASE = ‘{ $text }’ không phải là giai đoạn
NO_PHASE_CURE = hãy viết shared, mixed hoặc named
CORRECT_THE_DATES = hãy sửa ngày
ALIAS_IS_A_NUMBER = { $alias } là mã nhân viên của người khác
ALIAS_IS_A_NUMBER_CURE = bản ghi mang biệt danh này sẽ bị đọc thành người đó: hãy đổi tên biệt danh
ALIAS_OF_TWO = { $alias } cùng lúc chỉ hai người
ALIAS_TWICE = nhiều dòng gán { $alias } cho cùng một người vào những ngày trùng nhau
ALIAS_OF_TWO_CURE = hãy cho mỗi dòng ngày from và to riêng, không trùng nhau
DEVICE_OF_NOTHING = không có mã nhân viên hay chỗ ngồi cho biết thiết bị là của ai
DEVICE_OF_BOTH = thiết bị vừa của một người (employee_no) vừa của một chỗ ngồi
DEVICE_OF_BOTH_CURE = hãy viết mã nhân viên hoặc chỗ ngồi, và để trống ô kia
DEVICE_TWICE = nhiều dòng gán { $device } cho cùng một người hoặc chỗ ngồi từ cùng ngày, với ngày kết thúc khác nhau

## The bundle: whom and what a row means

NOT_IN_PEOPLE = { $number } không có trong people.csv
NOT_IN_PEOPLE_CURE = hãy thêm người này vào people.csv, hoặc sửa mã số
ROWS_OF_NUMBER_REJECTED = các dòng của { $number } trong people.csv đã bị loại
ROWS_OF_ACCOUNT_REJECTED = các dòng của { $account } trong accounts.csv đã bị loại
ROWS_OF_RECORD_REJECTED = các dòng của bản ghi { $record } của { $account } trong records.csv đã bị loại
ROWS_OF_ALIAS_REJECTED = các dòng của biệt danh { $alias } trên { $platform } trong aliases.csv đã bị loại
ROWS_REJECTED_CURE = hãy sửa các dòng đó trước: từng dòng có trong rejected.csv kèm cách sửa
NAME_FOR_NUMBER = { $text } là tên, mà ở đây cần mã số (có phải là { $near } không?)
NAME_FOR_NUMBER_CURE = hãy viết mã nhân viên: biệt danh chỉ dùng thay được trong các cột agent và contributors của records.csv
    .agent = hãy viết mã nhân viên, hoặc nêu biệt danh trong aliases.csv
LOST_ZEROS = { $text } không có trong people.csv (có phải là { $near } không?)
LOST_ZEROS_CURE = bảng tính bỏ mất các số 0 ở đầu: hãy xuất cột dưới dạng văn bản
GROUPED_NUMBER = { $text } không có trong people.csv (có phải là { $near } không?)
GROUPED_NUMBER_CURE = bảng tính đã phân cách hàng nghìn các chữ số: hãy xuất cột dưới dạng văn bản
ONE_OF_TWO = { $one } hoặc { $other }
SEVERAL_STORES = nhiều cửa hàng có tài khoản { $account }
SEVERAL_STORES_CURE = hãy viết theo dạng nền tảng/cửa hàng/tài khoản
ACCOUNT_UNKNOWN_CURE = hãy thêm tài khoản vào accounts.csv, hoặc sửa tên
UNKNOWN_AGENT = { $agent } không có trong people.csv và cũng không phải là biệt danh trên { $platform }
ALIAS_NOT_THEN = biệt danh { $agent } trên { $platform } không có hiệu lực vào { $day }
UNKNOWN_AGENT_CURE = hãy thêm người này vào people.csv hoặc biệt danh vào aliases.csv, hoặc để trống agent

## The bundle: records and duty

NO_RECORD_USABLE = không có bản ghi nào dùng được{ $why }
NO_RECORD_IN_PERIOD = không có bản ghi nào bắt đầu từ { $from } đến { $to }{ $others }{ $why }
RECORDS_OUTSIDE = { " " }({ $count } bản ghi nằm ngoài kỳ)
NO_RECORDS_CURE = hãy nêu những ngày có bản ghi (--from và --to, hoặc period trong group.yaml), và sửa các dòng bị loại
OUTSIDE_PERIOD = { $count } bản ghi không bắt đầu từ { $from } đến { $to } nên đã bị bỏ qua (ví dụ { $example })
OBSERVATIONS_OUTSIDE = { $count } số liệu quan sát không nói về các ngày từ { $from } đến { $to } nên không được tính trong kỳ đó (ví dụ { $example })
NO_PERIOD = không có bản ghi nào cho biết kỳ nào được chốt
NO_PERIOD_CURE = hãy nêu các ngày của kỳ (--from và --to, hoặc period trong group.yaml)
NO_RATE = “{ $text }” không phải là tỷ giá
NO_RATE_CURE = hãy viết chữ số với tối đa một dấu chấm, như 7.1234, tối đa { $places } chữ số sau dấu chấm và tổng cộng 18 chữ số
RATE_NOT_ABOVE_0 = tỷ giá phải lớn hơn 0
RATE_NOT_ABOVE_0_CURE = hãy viết một đơn vị của loại tiền thứ nhất bằng bao nhiêu loại tiền thứ hai
RATE_OF_ONE_CURRENCY = đây là tỷ giá của một loại tiền với chính nó
RATE_OF_ONE_CURRENCY_CURE = hãy viết loại tiền khác vào một trong hai cột
RATES_CONTRADICT = nhiều dòng nêu tỷ giá khác nhau của cùng các loại tiền trong cùng ngày: { $rates }
POPULATION_WITHOUT_PEOPLE = population không nêu ai đang làm việc từ { $from } đến { $to }
POPULATION_WITHOUT_PEOPLE_CURE = hãy viết đúng như people.csv nêu về những người cần đánh giá, hoặc bỏ population ({ $said })
POPULATION_COLUMN = { $column }: { $words }
POPULATION_OF_NOBODY = trong people.csv không ai có { $column } “{ $word }”{ $hint }
TOO_MANY_REPLIES = có hơn { $most } dòng tin nhắn
TOO_MANY_RECORDS = kỳ này có hơn { $most } bản ghi
TOO_MANY_RECORDS_CURE = hãy chốt từng chi nhánh hoặc từng tuần một
SEVERAL_MONTHS = các bản ghi bắt đầu trong { $count } tháng ({ $months })
SEVERAL_MONTHS_CURE = hãy nêu những ngày cần chốt, như --from { $from } --to { $to }
RECORD_BACKWARDS = kết thúc lúc { $end }, trước khi bắt đầu lúc { $start }
RECORD_BACKWARDS_CURE = hãy sửa thời điểm, hoặc đổi chỗ hai cột
SHORTENED_ID_KEPT = trong { $count } dòng, bảng tính đã cắt số chỉ còn các chữ số đầu (ví dụ { $example }): hãy xuất dưới dạng văn bản; đã lấy nguyên như vậy
SHORTENED_CUSTOMER = trong { $count } dòng, bảng tính đã cắt số chỉ còn các chữ số đầu (ví dụ { $example }): hãy xuất dưới dạng văn bản; đã coi như trống
VALUE_LOST_EMPTY = { $count } ô chứa thứ mà bảng tính hiển thị thay cho giá trị (ví dụ { $example }): đã coi như trống
VALUE_LOST_KEPT = { $count } ô chứa thứ mà bảng tính hiển thị thay cho giá trị (ví dụ { $example }): đã lấy nguyên như vậy
NO_VALUE_TAKEN_AS_EMPTY = { $count } ô có nghĩa là không có giá trị (ví dụ { $example }): đã coi như trống
UNSEEN_LEFT_OUT = { $count } ô chứa ký tự không nhìn thấy: đã đọc không kèm các ký tự đó (ví dụ { $example })
DECIMAL_TAKEN_AS_WHOLE = { $count } số nguyên được viết thành số thập phân: đã đọc không kèm phần lẻ (ví dụ { $example })
ZEROS_APART = { $count } dòng có mã số (ví dụ { $example }) mà các dòng khác viết với số 0 ở đầu: đã coi là mã số khác; bảng tính bỏ mất các số 0 ở đầu, nên hãy xuất cột dưới dạng văn bản
CONTRIBUTORS_NOBODY = { $count } người đóng góp không có trong people.csv cũng như aliases.csv vào ngày của bản ghi (ví dụ { $example }): các bản ghi vẫn được tính, và phần đó thuộc về những người đóng góp khác; hãy thêm người đó vào people.csv hoặc biệt danh vào aliases.csv, hoặc sửa tên, rồi chốt lại
LONG_RECORDS = { $count } bản ghi kéo dài { $hours } giờ trở lên (ví dụ { $example }): thời điểm có thể là của một vụ việc không ai đóng lại
REPLY_WITHOUT_RECORD = { $account } không có bản ghi { $record } trong records.csv{ $hint }
    .elsewhere = { $account } không có bản ghi { $record } trong records.csv, nhưng { $other } thì có
REPLY_WITHOUT_RECORD_CURE = hãy thêm bản ghi vào records.csv (nếu không đọc được dòng của nó thì nó ở trong rejected.csv), hoặc sửa tài khoản hay mã
REPLIES_ABOVE_MOST = bản ghi { $record } của { $account } có { $count } tin nhắn: đã lấy { $most } tin đầu, còn { $rows } tin khác, từ { $at } trở đi, thì không
CLAIM_OF_BOTH = lượt này nêu cả bản ghi { $record } và khách hàng { $customer }
CLAIM_OF_BOTH_CURE = hãy giữ một trong hai; nếu không có cả hai thì đó là tự nhận bản ghi tiếp theo trên tài khoản
REPLIES_ABOVE_MOST_CURE = hãy xuất lại bản ghi: nhiều tin nhắn như vậy là của nhiều bản ghi dưới cùng một mã
REPLIES_OUTSIDE_PERIOD = { $count } tin nhắn thuộc các bản ghi không bắt đầu từ { $from } đến { $to } nên đã bị bỏ qua (ví dụ { $example })
CLAIMS_OUTSIDE_PERIOD = { $count } lượt tự nhận không diễn ra từ { $from } đến { $to } nên đã bị bỏ qua (ví dụ { $example })
RECORD_TOO_LONG = kéo dài { $days } ngày, từ { $start } đến { $end }
RECORD_TOO_LONG_CURE = hãy sửa ngày: không bản ghi nào dài quá { $most } ngày
NO_ROWS = chỉ có dòng tiêu đề, không có dòng nào bên dưới
NO_ROWS_CURE = hãy xuất lại các bản ghi của tháng, kèm các dòng
DUPLICATE_RECORD = mã external_id này xuất hiện nhiều lần với cùng nội dung: chỉ lấy một lần (bỏ { $count })
    .revised = mã external_id này xuất hiện với nhiều số sửa đổi: lấy số { $revision } (bỏ { $count } dòng có số trước đó)
DUPLICATE_ROW_REVISED = xuất hiện với nhiều số sửa đổi: lấy số { $revision } (bỏ { $count } dòng có số trước đó)
REFUND_PAYS_NOTHING = dòng tham chiếu đến bản ghi khác nên là khoản hoàn tiền, mà số tiền không âm
REFUND_PAYS_NOTHING_CURE = hãy viết số tiền đã hoàn với dấu trừ, hoặc để trống refers_to
REVISED_TWICE = dòng nêu cả số sửa đổi và thời điểm thay đổi
REVISED_TWICE_CURE = hãy để trống một trong hai
NO_CURRENCY = “{ $text }” không phải là loại tiền
NO_CURRENCY_CURE = hãy viết mã ISO 4217, như JPY, hoặc để trống nếu là loại tiền của tập đoàn
NO_REVISION = “{ $text }” không phải là số sửa đổi
NO_REVISION_CURE = hãy viết số nguyên từ 0 trở lên, hoặc để trống
ID_TWICE_DIFFERENT = { $id } xuất hiện { $count } lần trong { $account } với nội dung khác nhau
ID_TWICE_SAME = { $id } xuất hiện { $count } lần trong { $account } với cùng nội dung
ID_TWICE_CURE = hãy giữ dòng đúng, hoặc cho mỗi bản ghi một external_id riêng
ID_TWICE_SHORTENED_CURE = bảng tính đã cắt các mã chỉ còn chữ số đầu: hãy xuất cột dưới dạng văn bản
SHIFT_BACKWARDS = ca kết thúc lúc { $end }, không muộn hơn lúc bắt đầu { $start }
SHIFT_BACKWARDS_CURE = ca đêm kết thúc vào ngày hôm sau: hãy viết ngày đó
SECOND_OF_TWO = đồng hồ được chỉnh lùi, và giờ kết thúc của { $count } dòng là lần thứ hai đồng hồ chỉ giờ đó: lần thứ nhất nằm trước giờ bắt đầu (ví dụ { $example })
    .reply = đồng hồ được chỉnh lùi, và thời điểm của { $count } tin nhắn là lần thứ hai đồng hồ chỉ giờ đó: lần thứ nhất không nằm trong bản ghi (ví dụ { $example })
FIRST_OF_TWO = đồng hồ được chỉnh lùi, và trong { $count } dòng, thời điểm không kèm độ lệch múi giờ mà đồng hồ chỉ hai lần được lấy là lần thứ nhất (ví dụ { $example }): hãy viết độ lệch múi giờ để nêu rõ lần nào
LONG_SHIFT = ca từ { $start } đến { $end } không ngắn hơn { $hours } giờ
LONG_SHIFT_CURE = hãy sửa thời điểm; nếu là nhiều ca, hãy viết mỗi ca một dòng
SHIFT_ENDS_DIFFER = các dòng { $lines } là ca của cùng một người trên cùng tài khoản từ { $start }, nhưng kết thúc vào giờ khác nhau ({ $one }, { $other })
SHIFT_SEATS_DIFFER = các dòng { $lines } là ca của cùng một người trên cùng tài khoản từ { $start }, nhưng ở chỗ ngồi khác nhau
KEEP_THE_RIGHT_ROW = hãy giữ dòng đúng
PUNCH_BOTH_WAYS = các dòng { $lines } là lượt chấm công vào và ra của { $number } cùng một lúc, { $at }
HANDOVER_BOTH_WAYS = trong các dòng { $lines }, { $number } vừa nhận vừa trả { $account } cùng một lúc, { $at }
HANDOVERS_AT_ODDS = các dòng { $lines } là bàn giao của { $account } cùng một lúc, { $at }, không thể đều đúng
PUNCHES_ODD = số lượt chấm công lẻ: { $count }; lượt cuối, lúc { $at }, không có cặp ({ $night })
PUNCHES_SINGLE = chỉ có một lượt chấm công, lúc { $at }, không có cặp ({ $night })
PUNCHES_NIGHT = ca đêm cần rosters.csv, hoặc cut_over trong policy.yaml vào giờ không ai làm việc
PUNCHES_BETWEEN = các lượt chấm công giữa lượt đầu và lượt cuối bị bỏ qua: { $count }
PUNCHES_ALONE = lượt chấm công lúc { $at } không có cặp nên không tạo thành khoảng có mặt: hãy bổ sung lượt còn thiếu
PUNCHES_LONG = khoảng có mặt hơn 13 giờ, từ { $from } đến { $to }: nếu đó là giờ nghỉ giữa hai ca đêm, hãy viết kind hoặc rosters.csv
PUNCHES_AS_NIGHTS = các khoảng có mặt vắt qua cuối ngày làm việc: { $count } (khoảng đầu từ { $from } đến { $to }); nếu tính theo ngày làm việc thì giờ nghỉ giữa chúng sẽ thành có mặt, còn kind hoặc rosters.csv sẽ cho biết chắc chắn
PUNCHES_EITHER_WAY = các lượt chấm công từ { $from } đến { $to } có thể là ca ngày hoặc ca đêm, vì lượt đầu và lượt cuối không có cặp: đã coi là ca ngày; kind hoặc rosters.csv sẽ cho biết rõ
NEITHER_WORD = ‘{ $text }’ không phải là { $one } cũng không phải là { $other }
NEITHER_WORD_CURE = hãy viết { $one } hoặc { $other }
NO_SUBJECT_KIND = ‘{ $text }’ không phải là loại đối tượng
NO_SUBJECT_KIND_CURE = hãy viết một trong { $kinds }
UNIT_OF_NOBODY = { $unit } không phải là đơn vị của ai trong people.csv hay của tài khoản nào trong accounts.csv{ $hint }
UNIT_OF_NOBODY_CURE = hãy sửa đường dẫn của đơn vị
STORE_UNKNOWN = không tài khoản nào trong accounts.csv thuộc { $store }{ $hint }
STORE_UNKNOWN_CURE = hãy viết nền tảng và cửa hàng như trong accounts.csv, nối bằng /
NEITHER_DAYS_NOR_TIME = không nêu vào những ngày nào cũng không nêu lúc nào
DAYS_AND_TIME = vừa nêu vào những ngày nào vừa nêu lúc nào
DAYS_AND_TIME_CURE = hãy để trống from và to nếu nói về một thời điểm, hoặc để trống at nếu nói về các ngày
NEITHER_DAYS_NOR_TIME_CURE = hãy điền from (và to, nếu hơn một ngày) hoặc at, một trong hai
NO_KIND_OF_FINDING = không có loại phát hiện này
NO_KIND_OF_FINDING_CURE = hãy xóa tệp: chỉ inputs/ của một kết quả mới có tệp này
NO_COUNT = không phải là số đếm
DELETE_THE_FILE = hãy xóa tệp

## The bundle: settings. A sentence goes on from the name of the setting

SETTING = { $path } { $problem }
SETTING_WRONG = không đúng: { $reason }; { $cure }
SETTING_GROUPED = ‘{ $text }’ có phân cách hàng nghìn, mà số trong tệp YAML thì không có, bất kể `numbers` trong group.yaml quy định gì cho các ô: hãy viết { $plain }
SETTING_GROUPED_OR_DECIMAL = ‘{ $text }’ có thể là số có phân cách hàng nghìn, mà số trong tệp YAML thì không có, bất kể `numbers` trong group.yaml quy định gì cho các ô: hãy viết { $plain }, hoặc { $decimal } nếu là số thập phân
SETTING_MISSING = bị thiếu
SETTING_NO_MAPPING = không phải là ánh xạ từ khóa đến giá trị
FILE_NO_MAPPING = tệp không phải là ánh xạ từ khóa đến giá trị
SETTING_NO_TEXT = không phải là văn bản
SETTING_TEXT_LENGTH = trống hoặc dài hơn 200 ký tự
SETTING_WITH_NUL = chứa ký tự NUL (U+0000): hãy bỏ đi
SETTING_NOT_ONE_OF = là ‘{ $text }’, không phải một trong { $words }
SETTING_NO_DECIMAL = là ‘{ $text }’, không phải số thập phân có tối đa sáu chữ số lẻ
SETTING_NOT_BETWEEN = là { $number }, không phải số từ { $least } đến { $most }
SETTING_LOSSY_DECIMAL = là ‘{ $text }’, số thập phân này sẽ mất độ chính xác: hãy viết trong dấu nháy
SETTING_NO_WHOLE = là ‘{ $text }’, không phải số nguyên từ { $least } đến { $most }
SETTING_NO_LIST = không phải là danh sách
SETTING_PAIR_NO_TEXT = có khóa không phải là văn bản
SETTING_NO_VALUE = không có giá trị
SETTING_UNKNOWN_NEAR = không phải là khóa đã biết (có phải là { $near } không?)
SETTING_UNKNOWN = không phải là khóa đã biết (các khóa đã biết: { $known })
SETTING_EMPTY = trống
SETTING_NOT_ABOVE_0 = không lớn hơn 0
SETTING_BELOW_0 = nhỏ hơn 0
GROUP_CURRENCY = không phải là mã gồm ba chữ in hoa như CNY
GROUP_CURRENCY_UNKNOWN = là { $code }, không phải loại tiền đang dùng của ISO 4217: hãy viết ví dụ CNY
GROUP_PERIOD_BACKWARDS = là { $to }, trước from là { $from }
GROUP_PERIOD_TOO_LONG = làm kỳ dài { $days } ngày, mà mỗi lần chốt tối đa { $most } ngày: hãy chốt thành từng phần
GROUP_REGION = đặt { $branch } vào khu vực { $region }: hãy viết từ 1 đến 32 ký tự a-z, 0-9 và -, như cn-east
GROUP_SAME_SIGN = trùng ký hiệu với decimal
POLICY_CUT_OVER = không phải là giờ từ "00:00" đến "11:59", viết trong dấu nháy
SCHEME_WEIGHTS = có tổng trọng số là { $sum }, không phải 100
SCHEME_ID_TAKEN = trùng với một KPI trước đó
SCHEME_WEIGHT = không lớn hơn 0: thay vào đó hãy bỏ KPI này
SCHEME_CAP = là { $cap }, không lớn hơn mức sàn { $floor }
SCHEME_RANGE = lớn hơn mức sàn { $floor } quá { $most }
SCHEME_SMALL_SAMPLE = chỉ có nghĩa với tỷ lệ và trung bình: hãy bỏ đi
SCHEME_OF_RECORDS = không có nghĩa với measure là records
SCHEME_OF_UNDEFINED = nêu số đo “{ $measure }”, không có trong measures{ $hint }
SCHEME_OF_MISSING = bị thiếu: đây là tên cột cần đo
SCHEME_OF_RESOLVED = là cột có-không, chỉ có tỷ lệ, không có tổng hay trung bình
SCHEME_TEST_MISSING = chưa đủ: at_most hoặc at_least cho biết bản ghi nào được tính
SCHEME_TEST_USELESS = chưa đủ: at_most và at_least không có nghĩa ở đây
SCHEME_MEASURES_TEXT = { $kpi } đo { $column }, một cột chứa văn bản
    .cell = dòng { $line }: { $reason }
    .odd = { $kpi } đo { $column }, một cột văn bản vì có { $count } ô không phải là số: { $cells }
SCHEME_MEASURES_NOTHING = { $kpi } đo { $column }, mà records.csv không có cột nào như vậy có giá trị{ $hint }
SCHEME_MEASURES_CURE = hãy nêu một cột số trong records.csv
    .odd = hãy sửa các ô, hoặc nêu một cột số trong records.csv
SCHEME_MEASURES_UNCOMPUTED = { $path } (KPI { $kpi }) đo thứ không được tính
MEASURE_UNKNOWN_CURE = hãy đo số bản ghi, tỷ lệ đã giải quyết, tỷ lệ first_reply_seconds at_most 30, tỷ lệ rating at_least 4, tổng amount, trung bình của một cột thêm, hoặc thứ khác dưới dạng số đo mà tệp định nghĩa trong measures
POOL_CURRENCY = là { $currency }, mà các số tiền của tập đoàn tính bằng { $group }
POOL_BELOW_0 = là số âm: hãy viết số tiền cần chia, lớn hơn 0
POOL_ZERO = là 0: hãy bỏ tệp này nếu không có gì để chia
POOL_SHARES = có các phần cộng lại là { $sum }, không phải 100
POOL_SHARE = không lớn hơn 0: thay vào đó hãy bỏ phần này
POOL_TIERS_ELSEWHERE = chỉ có nghĩa khi by: tiers
POOL_TIERS_MIXED = trộn lẫn top_percent và at_least: hãy dùng một trong hai cho mọi bậc
POOL_TIERS_PERCENT = có tổng top_percent là { $sum }, không phải 100
POOL_TIERS_RISE = có at_least không giảm dần qua từng bậc
POOL_TIERS_WEIGHTS_RISE = có trọng số lớn hơn trọng số của bậc tốt hơn: hãy viết bậc tốt nhất trước, mỗi bậc có trọng số không quá bậc trước
POOL_TIERS_WEIGHTLESS = chỉ có trọng số 0
POOL_TIER_RULE = hoặc at_least phải có, và chỉ một trong hai
POOL_TIER_NAME_TAKEN = trùng với một bậc trước đó
POOL_PERCENT_TOO_FINE = là { $percent }: hãy viết phần trăm có tối đa bốn chữ số lẻ
POOL_TIER_WEIGHT = lớn hơn 1000000
POOL_SHARE_TOO_FINE = { $percent }% có hơn bốn chữ số lẻ
POOL_SHARE_TOO_FINE_CURE = hãy viết các phần và hạn mức có tối đa bốn chữ số lẻ
OTHER_PERIOD = dành cho { $from } đến { $to }, mà kỳ được chốt là { $closed_from } đến { $closed_to }
OTHER_PERIOD_CURE = hãy sửa kỳ, hoặc bỏ kỳ
POOL_IN_EMPTY_PERIOD = có tiền nhưng trong people.csv không ai đang làm việc từ { $from } đến { $to }
POOL_WITHOUT_PEOPLE_CURE = hãy sửa hired_on và left_on, hoặc bỏ quỹ thưởng
SAVE_FILE_AS_UTF_8 = hãy lưu tệp dưới dạng UTF-8
JOINED = { $one }{ $other }

## The command line: what cannot be done

STEP_FAILED = bước: { $step }
NOBODY_CREDITED_AT_ALL = không ai đang trực ở bản ghi nào, và không bản ghi nào nêu tên nhân viên phục vụ
    .people = { $rows } dòng bị loại, và trong những người còn lại không ai đang trực ở bản ghi nào
    .duty = không ai đang trực ở bản ghi nào, và { $rows } dòng lịch phân ca, chấm công hoặc bàn giao bị loại
NOBODY_EMPLOYED =
    không ai đang làm việc từ { $from } đến { $to }: đã đọc { $people } người, { $rejected ->
        [0] và không dòng nào bị loại
       *[other] và { $rejected } dòng bị loại
    }
NOBODY_EMPLOYED_CURE = hãy sửa hired_on và left_on, hoặc kỳ
RECORD_RATE_MISSING_CURE = hãy viết tỷ giá của ngày đó hoặc sớm hơn, kèm nguồn, vào rates.csv (các cột date, from, to, rate, source)
NOBODY_CREDITED_CURE = hãy đưa vào rosters.csv, punches.csv hoặc handovers.csv của những ngày này, hoặc sửa tài khoản và thời điểm trong đó
    .rejected = hãy sửa các dòng đó trước: từng dòng có trong rejected.csv kèm cách sửa
OUT_NOT_EMPTY = thư mục kết quả không trống
OUT_IN_USE = một lượt chạy khác đang ghi kết quả vào đó
OUT_NOT_EMPTY_CURE = hãy nêu thư mục khác bằng --out, hoặc xóa thư mục này trước
BUNDLE_NOT_EMPTY = thư mục không trống
BUNDLE_NOT_EMPTY_CURE = hãy nêu thư mục khác bằng --bundle, hoặc xóa thư mục này trước
CLOSE_INTERRUPTED = bạn đã dừng: không còn gì của lần này trong { $folder }, và cùng lệnh đó sẽ bắt đầu lại từ đầu
FINDINGS_ARE_IN = { $file } cho biết những gì đã nhận thấy
REJECTED_ROWS_ARE_IN = { $file } nêu mọi dòng bị loại
REJECTED_ROWS_UNWRITTEN = một số dòng bị loại, và không ghi được { $file }
STORE_IN_USE = một tiến trình tally khác đang làm việc với dữ liệu trong { $folder }, mà kho dữ liệu SQLite mỗi lúc chỉ một tiến trình dùng: hãy dừng tiến trình đó, hoặc nêu dữ liệu khác bằng --set database.url=sqlite://FOLDER/{ "{" }service{ "}" }.db
CURE_AND_REJECTED = { $cure }; { $file } nêu mọi dòng bị loại
NOT_IN_MONTH = trong tháng này không có bản ghi hay nhân viên nào là { $what }: hãy nêu một external_id của records.csv, như { $record }, hoặc một employee_no hay tên trong people.csv, như { $person }
NO_MANIFEST = không có manifest.json nên không phải là thư mục kết quả
MANIFEST_DOUBLE = nêu tệp { $file } hai lần
MANIFEST_ELSEWHERE = nêu tệp { $file }, không phải là tệp của thư mục này
NO_MANIFEST_CURE = hãy nêu thư mục mà tally close đã ghi (bằng --out)
BAD_MANIFEST = { $error }
RESTORE_FOLDER_CURE = hãy khôi phục thư mục từ nơi đã lưu
SUITE_NAMES_ANOTHER_PERSON = hệ thống nêu nhân viên { $id } không có trong gói dữ liệu: đây là lỗi của chúng tôi
SUITE_NAMES_ANOTHER_ACCOUNT = hệ thống nêu tài khoản { $id } không có trong gói dữ liệu: đây là lỗi của chúng tôi
SUITE_LISTS_LESS = hệ thống không liệt kê những gì vừa được ghi: đây là lỗi của chúng tôi
CYCLE_WATCH_ENDED = dịch vụ ngừng báo về kỳ đánh giá trước khi chốt xong: hãy làm lại
RECORDS_DO_NOT_ADD_UP = đã đưa vào { $sent } bản ghi, kỳ đánh giá đếm { $counted } và kết quả có { $told }: đây là lỗi của chúng tôi
CANNOT_MAKE_FOLDER = không tạo được thư mục { $folder }: { $error }
CANNOT_READ = không đọc được { $file }: { $error }
CANNOT_WRITE = không ghi được { $file }: { $error }
IO_NOT_FOUND = không có ở đó
IO_PERMISSION_DENIED = người dùng này không có quyền
IO_ALREADY_EXISTS = đã có rồi: hãy nêu tên khác, hoặc dời nó đi trước
IO_IS_A_FOLDER = đây là thư mục
IO_NOT_A_FOLDER = một phần của đường dẫn không phải là thư mục
IO_FOLDER_NOT_EMPTY = thư mục không trống
IO_DISK_FULL = ổ đĩa đã đầy
IO_READ_ONLY = ổ đĩa chỉ cho đọc
IO_ADDRESS_IN_USE = chương trình khác đang lắng nghe ở đó
IO_ADDRESS_NOT_HERE = máy này không có địa chỉ đó
IO_NOT_TEXT = không phải là văn bản UTF-8
IO_NOBODY_LISTENS = không có gì lắng nghe ở đó
IO_NO_ANSWER = không có câu trả lời kịp thời
IO_NO_WAY_THERE = từ máy này không có đường đến đó
IO_NO_SUCH_HOST = không có máy chủ nào mang tên này
IO_FOLDER_CLOSED = thư mục của nó không cho ghi
TLS_SAYS = thư viện TLS báo: { $cause }
SERVER_SAYS = máy chủ báo: { $cause }
IO_OTHER = hệ điều hành báo: { $cause }
CURE_ALREADY_DIFFERENT = hãy sửa dòng nếu hệ thống đúng; nếu dòng đúng, hãy đính chính trong hệ thống: việc nhập không ghi đè gì cả
CURE_DIFFERENT_CONTENT = hãy sửa dòng nếu hệ thống đúng, hoặc cho dòng số sửa đổi cao hơn nếu dòng đúng: việc nhập không ghi đè gì nếu không có số sửa đổi
CURE_REFERS_TO_NOTHING = hãy nhập bản ghi được tham chiếu trước, hoặc sửa refers_to
CURE_PERSON_UNKNOWN = hãy thêm người này vào people.csv rồi nhập lại
CURE_ACCOUNT_UNKNOWN = hãy thêm tài khoản vào accounts.csv rồi nhập lại
CURE_ALIAS_OVERLAP = hãy để một nghĩa của biệt danh kết thúc (cột to) trước khi nghĩa kia bắt đầu
CURE_PLACE_WRONG = hãy sửa nhóm trong accounts.csv, hoặc khu vực của chi nhánh trong group.yaml
CURE_OUT_OF_REACH = hãy nhờ người có quyền với nhóm của dòng này nhập, vì nhóm có thể đã chuyển sang chi nhánh khác, hoặc bỏ dòng này
CURE_RECORD_OUT_OF_REACH = hãy để người phụ trách nhóm của tài khoản vào ngày đó, hoặc tập đoàn, nhập dòng này
CURE_REPLY_RECORD_UNKNOWN = hãy nhập bản ghi cùng tin nhắn của nó, hoặc nhờ người được nhập bản ghi của ngày đó nhập
CURE_CLAIM_WITHDRAWN = hãy bỏ dòng này: nó đã bị thu hồi có lý do
CURE_ROWS_CONTRADICT = hãy giữ dòng đúng, rồi nhập lại
CURE_KEPT_BACK = trước hết hãy sửa điều mà tệp này nêu về dòng đó, hoặc nhờ người có quyền nhập dòng đó, rồi nhập lại: dòng này sẽ vào cùng
CURE_PERIOD_PURGED = trước hết hãy kéo dài thời hạn lưu giữ dữ liệu của những tháng này (SetRetention, tối đa 120 tháng) rồi nhập lại, hoặc bỏ dòng này
CURE_REFUSED_ROW = hãy sửa điều được nêu rồi nhập lại: những dòng đã nhập được tính là đã có
    .file = hãy sửa điều được nêu, hoặc bỏ dòng này

## Settings and arguments

SETTING_CANNOT_HOLD = thiết lập { $key }: { $problem }
SETTING_SET_IN = { $problem } ({ $place })
SETTING_IN_FILE = đặt trong tệp { $file }
SETTING_IN_VARIABLE = đặt bằng biến môi trường { $name }
SETTING_ON_COMMAND_LINE = đặt trên dòng lệnh
SETTING_NOT_KNOWN = không có thiết lập này; ở vị trí này có { $known }
SETTING_EXPECTED = giá trị là { $found }, mà cần { $expected }
    .alone = cần { $expected }
SETTINGS_NOT_TOML = tệp không phải là TOML: hãy kiểm tra mỗi dòng là [SECTION] hoặc KEY = VALUE
    .at = tệp không phải là TOML từ dòng { $line }, cột { $column }: hãy kiểm tra mỗi dòng là [SECTION] hoặc KEY = VALUE, và văn bản nằm trong dấu nháy
SETTING_FILE_MISSING = không có tệp { $file }
SETTING_FILE_EMPTY = { $file } trống
SETTING_SERVICE_UNKNOWN = không có dịch vụ { $name }; hiện có { $known }
SETTING_SERVICES_NONE = hãy nêu ít nhất một trong { $known }
SETTING_PEER_MISSING = { $name } không ở trong tiến trình này (server.services): hãy nêu nó ở đâu, https://host:port
SETTING_AT_LEAST_ONE = cần ít nhất là 1
SETTING_AT_MOST = cần tối đa là { $most }
SETTING_SERVICE_TWICE = { $name } được nêu hai lần: hãy nêu mỗi dịch vụ một lần
SETTING_DATABASE_URL = cần sqlite://DIRECTORY/{ "{" }service{ "}" }.db hoặc postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_SERVICE_IN_URL = mỗi dịch vụ có tệp riêng: hãy đặt { "{" }service{ "}" } vào tên tệp, sqlite://DIRECTORY/{ "{" }service{ "}" }.db, hoặc sqlite:///DIRECTORY/{ "{" }service{ "}" }.db nếu thư mục bắt đầu bằng /
    .role = mỗi dịch vụ đăng nhập bằng vai trò riêng: hãy viết vai trò là tally_{ "{" }service{ "}" }, postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_PEER_IN_CLEAR = { $address } nằm ngoài loopback: cần https://host:port
SETTING_HTTP_IN_CLEAR = { $ip } nằm ngoài loopback, mà gateway không dùng TLS: hãy cho nó lắng nghe trên loopback sau một proxy có TLS, hoặc đặt server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay nếu chính mạng đã mã hóa
SETTING_NO_NETWORK = “{ $text }” không phải là mạng: hãy viết địa chỉ kèm độ dài tiền tố, ví dụ 10.0.0.0/8
SETTING_NO_ORIGIN = “{ $text }” không phải là nguồn gốc: hãy viết giao thức và máy chủ bằng chữ thường, không có đường dẫn, ví dụ https://hr.example, hoặc * cho tất cả
SETTING_CERTIFICATE_AND_KEY = chứng chỉ và khóa của nó đi cùng nhau: hãy đặt cả hai hoặc không đặt
SETTING_LISTEN_IN_CLEAR = { $ip } nằm ngoài loopback: hãy đặt server.tls_certificate và server.tls_key
SETTING_KEYS_GENERATED = { $ip } nằm ngoài loopback, nơi không dùng được khóa tự tạo: hãy nêu một thư mục
SETTING_PASSPHRASE_TWICE = keys.passphrase cũng được đặt: hãy đặt một trong hai
SETTING_LOG_LEVELS = “{ $part }” không phải là mức ({ $levels }) cũng không phải là MODULE=LEVEL, như tally_store=debug; nhiều mục cách nhau bằng dấu phẩy
SETTING_AUTHORITY_ALONE = thiết lập này nêu ai ký chứng chỉ của bên gọi, mà máy chủ này không dùng TLS: hãy đặt cả server.tls_certificate và server.tls_key
SETTING_NO_CERTIFICATE = tệp { $file } không có chứng chỉ đọc được: hãy nêu tệp PEM có -----BEGIN CERTIFICATE-----
SETTING_NO_PRIVATE_KEY = tệp { $file } không có khóa riêng đọc được: hãy nêu tệp PEM có -----BEGIN PRIVATE KEY-----, không mã hóa
SETTING_KEY_OF_ANOTHER = khóa riêng trong { $file } không khớp với chứng chỉ trong { $certificate }: hãy nêu khóa được tạo cho chứng chỉ này
SETTING_CERTIFICATE_OVER = chứng chỉ trong { $file } đã hết hạn: nó có hiệu lực đến { $until }, mà đồng hồ của máy này chỉ { $now }. Hãy xin chứng chỉ mới từ nơi đã ký; nếu đồng hồ sai, hãy chỉnh lại
    .early = chứng chỉ trong { $file } chưa có hiệu lực: nó bắt đầu từ { $from }, mà đồng hồ của máy này chỉ { $now }. Nếu đồng hồ sai, hãy chỉnh lại; nếu không, hãy chờ hoặc nêu chứng chỉ trước đó
SETTING_CERTIFICATE_OF_ANOTHER = chứng chỉ trong { $file } không do { $authority } ký, là tổ chức mà qua đó tiến trình này và các dịch vụ nó gọi (peers) nhận ra nhau: hãy nêu tổ chức đã ký nó, hoặc nêu chứng chỉ do tổ chức này ký
SETTING_REDIS_URL = cần redis://HOST:PORT, hoặc rediss://HOST:PORT nếu dùng TLS; mật khẩu đứng trước máy chủ, redis://:PASSWORD@HOST:PORT
SETTING_ENDPOINT = cần địa chỉ của bộ thu thập, như http://127.0.0.1:4317
SAMPLE_NEEDS_ALL = --sample cần mọi dịch vụ trong một tiến trình, mà { $name } không được nêu
EXPECT_ADDRESS = địa chỉ và cổng, như 127.0.0.1:7070
EXPECT_ONE_OF = một trong { $words }
EXPECT_WHOLE_NUMBER = số nguyên
    .to = số nguyên từ 0 đến { $most }
EXPECT_TRUE_OR_FALSE = true hoặc false
EXPECT_TEXT = văn bản
EXPECT_LIST = danh sách, như ["a", "b"] hoặc a,b
EXPECT_OTHER = loại giá trị khác
EXPECT_UUID = UUID
EXPECT_DATE = ngày, như 2026-03-31
EXPECT_INSTANT = thời điểm kèm độ lệch múi giờ, như 2026-03-31T09:00:00+08:00
EXPECT_FROM_TO = { $from } đến { $to }
ARG_VALUE_WRONG = { $arg }: ‘{ $value }’ không dùng được; cần: { $expected }
ARG_WITHOUT_VALUE = { $arg } cần một giá trị
ARG_VALUES_WRONG = { $arg }: số lượng giá trị không đúng
ARG_UNKNOWN = không có tham số { $arg }
    .near = không có tham số { $arg }; có phải là { $near } không?
COMMAND_UNKNOWN = không có lệnh { $name }
    .near = không có lệnh { $name }; có phải là { $near } không?
COMMAND_MISSING = hãy nêu một lệnh: { $known }
ARG_MISSING = thiếu: { $arg }
ARG_CONFLICT = { $arg } không dùng cùng với { $other }
ARG_NOT_TEXT = có tham số không phải là văn bản UTF-8
ARG_USAGE = hãy gõ: { $usage } (--help cho biết thêm)

## The command line: pages

SHOW_NOT_DONE = Chưa thực hiện
SHOW_NOT_DONE_STEP = { $step }: { $why }
SHOW_REST_IS_THERE = Mọi thứ trước đó đã có trong thư mục kết quả; khi nguyên nhân đã được sửa, cùng lệnh đó với --out khác sẽ làm cả phần còn lại.
RUNG_TAG = nền tảng nêu tên
RUNG_HANDOVER = giữ tài khoản theo bàn giao
RUNG_SOLE = trực một mình
RUNG_INFERRED = suy luận từ việc ai bận lúc nào
RUNG_EQUAL = chia đều cho người đang trực
RUNG_SPLIT = chia theo người đóng góp
RUNG_CLAIM = tự nhận bằng một lần bấm
RUNG_DEVICE = theo thiết bị
RUNG_REPLIES = tính theo thời điểm trả lời
RUNG_TAG_SHARE = tính theo các tên gần đó
RUNG_TEAM = nhóm cùng chia, không biết gì khác
RUNG_UNATTRIBUTED = không ghi nhận cho ai
STEP_DUTY = nhân viên, tài khoản, ca trực
STEP_RECORDS = bản ghi
STEP_REPLIES = tin nhắn của các bản ghi
STEP_CLAIMS = lượt tự nhận
STEP_RATES = tỷ giá
STEP_OBSERVATIONS = số liệu quan sát
STEP_CYCLE = ghi nhận và chấm điểm
STEP_PUBLISH = công bố
STEP_SETTLEMENT = quyết toán
STEP_CREDITS = phần ghi nhận
STEP_TOTALS = tổng cộng
STEP_CARDS = phiếu điểm
STEP_STATEMENTS = bảng kê
STEP_FINDINGS = phát hiện
STEP_INPUTS = dữ liệu vào
PROGRESS_READING = đang đọc
PROGRESS_MAKING = đang tạo một tháng
PROGRESS_COUNTING = đang đếm
PROGRESS_ROWS = các dòng
KIND_MISSING_PUNCH = có lượt vào mà không có lượt ra, hoặc ngược lại
KIND_UNCOVERED_SHIFT = được xếp ca, nhưng ngày đó chỉ chấm công vào giờ khác: ca không được tính
KIND_BARELY_COVERED_SHIFT = được xếp ca, nhưng ngày đó chấm công cho ca khác: ca này chỉ được tính tối đa ở rìa
KIND_HELD_BY_OTHERS = được xếp ca, nhưng theo bàn giao chỉ người khác giữ tài khoản: ca không được tính
KIND_NOT_EMPLOYED = ca, lượt chấm công hoặc lượt giữ của người không đang làm việc khi đó
KIND_DOUBLE_IN = chấm công vào hai lần: lần thứ hai được tính
KIND_OVERLAP = nhiều người cùng lúc giữ một tài khoản
KIND_MISSING_RELEASE = nhận tài khoản mà không trả lại
KIND_RELEASE_WITHOUT_TAKE = trả tài khoản trong khi không giữ
KIND_UNHELD_ACCOUNT = một tài khoản, hoặc một số bản ghi của nó, không có ai trực
KIND_NO_DUTY_EVIDENCE = không có lịch phân ca, lượt chấm công hay bàn giao: cả nhóm được coi là đang trực
KIND_NOT_SETTLED = không chia được quỹ thưởng
KIND_ODD_PUNCHES = số lượt chấm công trong ngày là số lẻ: lượt cuối không có cặp
KIND_SINGLE_PUNCH = chỉ một lượt chấm công trong ngày nên không có cặp
KIND_PUNCHES_BETWEEN = các lượt chấm công giữa lượt đầu và lượt cuối trong ngày bị bỏ qua
KIND_LONG_PRESENCE = khoảng có mặt hơn 13 giờ từ các lượt chấm công không ghi chiều
KIND_READ_AS_NIGHT = các lượt chấm công không ghi chiều được coi là ca đêm
KIND_DAY_OR_NIGHT = các lượt chấm công không ghi chiều có thể là ca ngày hoặc ca đêm: đã coi là ca ngày
KIND_TAG_OFF_DUTY = bản ghi nêu tên người không đang trực; tên được nêu được tính
KIND_NAMED_WITHOUT_AGENT = bản ghi của tài khoản định danh không nêu tên ai
KIND_MIXED_WITHOUT_TAG = các bản ghi của tài khoản hỗn hợp không có tên
KIND_TOO_FEW_TO_INFER = quá ít bản ghi để suy luận: chia đều
KIND_SEVERAL_AT_ONCE = nhiều hội thoại cùng lúc nên khó phân biệt người: chia đều
KIND_TOO_FEW_REPLIES = quá ít câu trả lời trên mỗi người để phân biệt: chia đều
KIND_REPLIES_TOO_DENSE = các câu trả lời quá dày nên không phân biệt được người theo thời điểm: chia đều
KIND_EVIDENCE_UNEVEN = một số người cho biết là của mình nhiều hơn hẳn người khác: tính trọng số theo phần mỗi người không cho biết
KIND_CLOCK_WITHOUT_SECONDS = đồng hồ của các câu trả lời không có giây: chia đều
KIND_CLAIM_OFF_DUTY = lượt tự nhận của người không đang trực không được tính
KIND_CLAIM_WITHOUT_RECORD = tự nhận một hội thoại không có bản ghi
KIND_CLAIMS_DIFFER = nhiều người tự nhận một bản ghi, hoặc bản ghi nêu tên người khác
KIND_DEVICE_OFF_DUTY = thiết bị của người không đang trực không được tính
KIND_DEVICE_OF_SEVERAL = thiết bị cùng lúc của nhiều người không được tính
KIND_DEVICE_OF_NOBODY = thiết bị được dùng khi không của ai: viết sai tên, thuộc chỗ ngồi không có lịch phân ca, hoặc đăng ký cho ngày khác
KIND_EVIDENCE_NOT_READ = lượt tự nhận, thiết bị hoặc thời điểm tin nhắn mà phiên bản chính sách không đọc
KIND_REPLY_OUTSIDE_RECORD = câu trả lời trước hoặc sau bản ghi của nó không được tính
KIND_BREAKS_NOT_PUNCHED = nhiều giờ trực liền mạch mà không có việc: giờ nghỉ không ai chấm công
KIND_CLOCKS_APART = tin nhắn theo đồng hồ lệch vài phút so với đồng hồ của bản ghi, được đọc theo đồng hồ của bản ghi
KIND_DID_NOT_SETTLE = việc suy luận không hội tụ: chia đều
KIND_CONTRIBUTOR_UNKNOWN = bản ghi nêu người đóng góp không rõ là ai
KIND_CONTRIBUTOR_OFF_DUTY = bản ghi nêu người đóng góp không đang trực; tên được nêu được tính
KIND_CONTRIBUTORS_NOT_SPLIT = các bản ghi nêu người đóng góp, mà chính sách không chia
KIND_UNKNOWN_AGENT = bản ghi nêu tên người không rõ là ai
KIND_AMOUNTS_CONVERTED = các số tiền được quy đổi từ loại tiền khác
KIND_CONVERTED_ENCODING = tệp dạng GBK hoặc UTF-16 đã được chuyển đổi
KIND_CONVERTED_SEPARATOR = các cột được phân cách bằng tab hoặc dấu chấm phẩy
KIND_MISSING_COLUMN = thiếu một cột: không đo gì từ cột đó
KIND_UNKNOWN_COLUMN = không có gì đọc cột này; có thể viết sai tên
KIND_UNKNOWN_FILE = không có gì đọc tệp này; có thể viết sai tên
KIND_EMPTY_FILE = một tệp tùy chọn bị trống
KIND_DUPLICATE_RECORD = cùng một bản ghi xuất hiện nhiều lần: chỉ lấy một lần
KIND_DUPLICATE_ROW = cùng một dòng xuất hiện nhiều lần: chỉ lấy một lần
KIND_OUTSIDE_PERIOD = các bản ghi ngoài kỳ bị bỏ qua cùng tin nhắn của chúng, cả lượt tự nhận diễn ra ngoài kỳ, hoặc số liệu quan sát ngoài kỳ không được tính
KIND_DAMAGED_ID = mã, khách hàng hoặc giá trị khác có thể đã bị bảng tính làm hỏng
KIND_HOUR_TWICE = đồng hồ được chỉnh lùi: một giờ xuất hiện hai lần
KIND_NO_VALUE = các ô có nghĩa là không có giá trị được coi như trống
KIND_CLEANED_CELL = các ô được đọc không kèm ký tự không nhìn thấy hoặc phần lẻ do lúc xuất thêm vào
KIND_LONG_RECORD = bản ghi kéo dài một ngày hoặc hơn
KIND_REPLIES_TOO_MANY = một bản ghi có nhiều tin nhắn hơn mức của một bản ghi
KIND_POPULATION_OF_NOBODY = diện đánh giá nêu vị trí hoặc cấp bậc mà không ai có
KIND_TRANSFER = có người tiếp tục ở đơn vị, vị trí hoặc cấp bậc khác
KIND_REHIRE = có người nghỉ việc rồi quay lại
KIND_TEAM_WITHOUT_PEOPLE = nhóm của một tài khoản không có người
KIND_BRANCH_WITHOUT_PEOPLE = một chi nhánh không có người
KIND_MEASURE_NOT_SENT = không ai có dữ liệu của một số đo: chỉ tiêu của nó không được tính cho ai
KIND_OBSERVATIONS_BEYOND_PERIOD = số liệu quan sát vượt ra ngoài kỳ: không được tính
KIND_OBSERVATIONS_UNREAD = không chỉ tiêu nào đọc số đo của số liệu quan sát; có thể viết sai tên
KIND_REFUND_EXCEEDS_SALE = các khoản hoàn tiền lớn hơn đơn bán của chúng
SHOW_HEADLINE = { $group }, { $from } đến { $to }
SHOW_SIZE = { $records } bản ghi phục vụ trên { $accounts } tài khoản, { $people } người
SHOW_REJECTED = { $count } dòng bị loại: rejected.csv cho biết dòng nào, vì sao và cần sửa gì
SHOW_NOT_SPLIT = Quỹ thưởng chưa được chia
SHOW_SCORES_KEPT = Phần ghi nhận, phiếu điểm và phát hiện đã đầy đủ; hãy sửa điều này rồi chốt lại tháng.
SHOW_NO_POOL = Không có quỹ thưởng, không quyết toán
SHOW_NO_POOL_HINT = Hãy đặt pool.yaml vào gói dữ liệu để đổi điểm thành tiền.
SHOW_POOL = Quỹ thưởng
SHOW_AMOUNT = số tiền
SHOW_TO_PEOPLE = cho { $people } người
SHOW_TO_FUND = cho quỹ nhóm
SHOW_THREE_STATEMENTS = Ba bảng kê, chính xác đến đơn vị tiền nhỏ nhất
SHOW_BESIDE_EQUAL = Nếu chia đều, mỗi người được khoảng { $equal }: { $more } người được nhiều hơn (tối đa +{ $most }), { $less } người được ít hơn (thấp nhất { $least }).
SHOW_STATEMENT_HEAD = { $name } { $number }: { $total }  (chia đều: { $equal })
SHOW_WORTH_A_LOOK = Đáng xem lại (findings.csv có từng mục)
SHOW_TIMINGS = Thời gian xử lý và mã băm
SHOW_SECONDS = { $step } { $seconds } giây
SHOW_IN_ALL = tổng cộng { $total } giây: { $longest }
SHOW_SAME_DIGEST = cùng các tệp này cho ra đúng mã đó vào bất kỳ ngày nào, trên bất kỳ máy nào
SHOW_WHO_SERVED = Ai đã phục vụ việc gì, và chắc chắn đến mức nào
SHOW_CERTAIN = { $certain } dựa trên tên được nêu hoặc chỉ một người; { $rest } bản ghi không ghi nhận cho ai, mỗi bản ghi có lý do.
SHOW_BUSIEST = Các tài khoản dùng chung bận nhất (khoảng 90%)
SHOW_WORTH = Thêm căn cứ sẽ mang lại gì
SHOW_WORTH_SAID = Tỷ lệ bản ghi dự kiến được ghi nhận cho người khác chứ không phải người đã phục vụ, hiện nay và khi có thêm căn cứ: là dự kiến, không phải cam kết. evidence.csv có mọi tài khoản.
SHOW_COLUMN_NOW = hiện nay
SHOW_COLUMN_BREAKS = chấm giờ nghỉ
SHOW_COLUMN_DEVICES = thiết bị 30%
SHOW_COLUMN_CLAIMS = tự nhận một nửa
SHOW_COLUMN_RECORDS = bản ghi
SHOW_COLUMN_INTERVAL = khoảng 90%
SHOW_COLUMN_CERTAIN = chắc chắn
SHOW_COLUMN_ACCOUNT = tài khoản
SHOW_OTHERS = { $others } người khác
SHOW_SCORES = Điểm của { $people } người ({ $scheme })
SHOW_OUTSIDE = { $people } người ngoài diện đánh giá không có phiếu điểm và không được chi ở đây; ghi nhận cho họ: { $records } bản ghi
SHOW_COLUMN_PLACE = #
SHOW_COLUMN_WHO = ai
SHOW_COLUMN_TEAM = nhóm
SHOW_COLUMN_CREDITED = ghi nhận
SHOW_COLUMN_SCORE = điểm
SHOW_COLUMN_COLLABORATION = cộng tác
SHOW_CARD = { $name } { $number }: { $score } điểm, thứ hạng { $rank } trên { $of }
SHOW_COLLABORATION = Cộng tác: { $outside } trên { $credited } bản ghi ngoài lịch phân ca hoặc nhóm của mình, thêm { $points } điểm.
SHOW_RECORD = Bản ghi { $id } trên { $account }
SHOW_EVIDENCE = Căn cứ: { $evidence } (chính sách { $version })
SHOW_NOTHING_CREDITED = Trong tháng không có bản ghi nào được ghi nhận cho người này.
SHOW_ALL_ACCOUNTS = tất cả
SHOW_SCORE_STEPS = Điểm, từng bước một
SHOW_STATEMENT = Bảng kê
SHOW_RECORDS_BEHIND = Các bản ghi làm căn cứ: { $shown } trên { $all } (credits.csv có tất cả)
DEMO_TRUTH = Cách sự thật bao xa (bản trình diễn biết sự thật)
DEMO_RIGHT = đúng, tính từng bản ghi
DEMO_WRONG = sai, tính cả tháng
DEMO_EQUALLY = mỗi bản ghi chia đều cho cả nhóm
DEMO_AS_TALLY = như Tally ghi nhận
DEMO_TRUTH_SAID = Trên { $records } bản ghi mà nền tảng không nêu tên: bao nhiêu phần của một bản ghi đến đúng người đã phục vụ, và bao nhiêu phần công việc của tháng vẫn đứng tên người khác sau khi các sai lệch đã bù trừ nhau.
DEMO_INTERVALS = { $holding } trong { $totals } khoảng của những người trên các tài khoản này chứa đúng sự thật.
DEMO_RUNGS_SAID = Căn cứ nào mang lại điều đó, theo từng bậc:
DEMO_RUNG_RECORDS = bản ghi
DEMO_RUNG_EQUALLY = đúng nếu chia đều
DEMO_RUNG_TALLY = đúng như ghi nhận
DEMO_RUNG_GAIN = phần trong mức cải thiện
DEMO_SKILLS = Tháng này cho thấy gì về kỹ năng và hỗ trợ thay ca
DEMO_LATE = căn cứ vẫn đang được chuyển đến
DEMO_PROFILE = { $name } { $number }: đã phục vụ { $accounts } ({ $platforms }); cộng tác { $points }
DEMO_STANDARD = { $scheme } (tiêu chuẩn của tập đoàn)
DEMO_USER_BRANCH_HR = chốt tháng của { $branch }; không xem được chi nhánh khác
DEMO_BRANCHES = Mỗi chi nhánh chốt tháng của mình
DEMO_BRANCHES_SAID = Từ cùng một lần ghi nhận, mỗi chi nhánh theo bản cụ thể hóa riêng tiêu chuẩn của tập đoàn, cho phép chi nhánh tăng hoặc giảm trọng số của một chỉ tiêu tối đa { $within } điểm. Thứ hạng tính trong chi nhánh.
DEMO_COLUMN_BRANCH = chi nhánh
DEMO_COLUMN_FAVOURS = coi trọng hơn
DEMO_COLUMN_PEOPLE = số người
DEMO_COLUMN_CREDITED = trong số bản ghi
DEMO_COLUMN_FIRST = đứng đầu
DEMO_COLUMN_SCORE = điểm
DEMO_COLUMN_IN_GROUP = thứ hạng trong tập đoàn
DEMO_MANAGERS = Phiếu điểm của { $people } người không trực tiếp phục vụ
DEMO_MANAGERS_SAID = Theo kết quả của các nhóm họ dẫn dắt, nhóm tính theo thành phần từng ngày, đơn vị phần trăm.
DEMO_MANAGERS_SCHEME = Quản lý
DEMO_RIGHT_HEADING = { $branch } được sửa sau khi đã công bố và chi trả
DEMO_RIGHT_PAID = Đã chi { $amount } cho { $people } người.
DEMO_RIGHT_RATINGS = Sau đó nền tảng gửi lại { $ratings } điểm đánh giá của { $account }, đều hạ xuống 1. { $cycles } kỳ đánh giá dựa trên chúng; những gì đã công bố và đã ghi sổ vẫn giữ nguyên.
DEMO_RIGHT_REASON = Người mua đổi điểm đánh giá sau đó
DEMO_RIGHT_CARDS = Đính chính cho { $people } người một phiên bản mới của phiếu điểm.
DEMO_RIGHT_DELTAS = { $people } người nhận số tiền khác: tăng { $more } và giảm { $less }, trong quyết toán tiếp theo của chi nhánh. Chênh lệch lớn nhất:
DEMO_RIGHT_CARD = { $name } đọc được:
DEMO_COLUMN_WHO = ai
DEMO_COLUMN_PAID = đã chi
DEMO_COLUMN_RIGHT = số đúng
DEMO_COLUMN_DELTA = chênh lệch
DEMO_NEXT = Tiếp theo
DEMO_OWN_MONTH = tháng của chính bạn; docs/bundle.md cho biết cần đặt gì vào thư mục
DEMO_AGAIN = lại tháng này, kèm các tệp để xem
DEMO_COPY = ghi tháng này thành tệp để sao chép
DEMO_WHY = vì sao một người hay một bản ghi có kết quả như vậy
DEMO_REPLAY = tính lại và so sánh từng byte
DEMO_CONSOLE = Hãy mở http://{ $address } trong trình duyệt; nhấn Ctrl-C để kết thúc
DEMO_FIRST = Nên xem trước: { $agent } xem tháng và tiền lương của nhân viên phục vụ, { $supervisor } xem ai giữ tài khoản khi nào, hr1 chốt tháng, payroll, approver và payer chi trả, auditor xem được tất cả.
DEMO_GRPC = gRPC: http://{ $address }
DEMO_PASSWORD = Một mật khẩu cho mọi người, tạo riêng cho lần chạy này: { $password }
DEMO_TOKEN = Mã truy cập: { $command }
DEMO_HTTP = REST, dùng JSON: http://{ $address }/openapi.json cho biết có những gì
DEMO_CLOCK = Đồng hồ của tập đoàn đứng ở ngày sau tháng này trong lúc chốt, và chạy tiếp từ đó. Không có gì được lưu lại.
DEMO_USER_ADMIN = bố trí tập đoàn và cấp vai trò; không xem được điểm hay tiền lương của ai
DEMO_USER_HR = nhân viên, ca trực, kỳ đánh giá; không xem được tiền lương của ai
DEMO_USER_PAYROLL = quỹ thưởng và quyết toán; không được phê duyệt việc của chính mình
DEMO_USER_APPROVER = phê duyệt những gì người khác chuẩn bị
DEMO_USER_PAYER = ghi sổ những gì hai người khác đã chuẩn bị và phê duyệt
DEMO_USER_AUDITOR = xem được tất cả, không thay đổi gì
REPLAY_VERSION = { $what }: kết quả được tính bằng { $then }, còn đây là { $now }
REPLAY_TZDB = cơ sở dữ liệu múi giờ
REPLAY_IDENTICAL = giống hệt: { $files } tệp, mã băm { $digest }
REPLAY_NOT_COVERED = không so sánh, vì dữ liệu vào không có thứ đã tạo ra chúng: { $files }
REPLAY_ALTERED = bị sửa: { $what }
REPLAY_DIFFERENT = khác: { $file }, dòng { $line }
REPLAY_MISSING = thiếu trong thư mục: { $file }
REPLAY_INPUT_CHANGED = inputs/{ $file }: nội dung đã bị thay đổi
REPLAY_INPUT_MISSING = inputs/{ $file }: bị thiếu hoặc không đọc được
REPLAY_INPUT_ADDED = inputs/{ $file }: đã được thêm vào
REPLAY_IN_FOLDER = trong thư mục: { $line }
REPLAY_RECOMPUTED = tính lại:      { $line }
REPLAY_ENDS = (tệp kết thúc trước dòng này)

## Replaying over the rpcs


## The command line: help. HELP_ and the name of a command, its arguments by name; HELP_SHARED has what several take alike

PAGE_USAGE = Cách dùng:{ " " }
PAGE_COMMANDS = Lệnh:
PAGE_ARGUMENTS = Tham số:
PAGE_OPTIONS = Tùy chọn:
PAGE_DEFAULT = { " " }[mặc định:{ "\u00A0" }{ $value }]
PAGE_VALUES = { " " }[giá trị có thể dùng:{ "\u00A0" }{ $values }]
PAGE_ENV = { " " }[biến môi trường:{ "\u00A0" }{ $name }]
HELP_SHARED =
    .help = In trợ giúp
    .version = In phiên bản
    .bundle = Thư mục có people.csv, accounts.csv, records.csv và những tệp khác nếu có (docs/bundle.md)
    .from = Ngày đầu của kỳ, như 2026-03-01, dùng cùng --to; mặc định là kỳ trong group.yaml, nếu không có thì là tháng chứa mọi bản ghi
    .to = Ngày cuối của kỳ, như 2026-03-31, thuộc về kỳ
    .lang = Ngôn ngữ của các câu, và của các tên trong `tally demo`; cũng có thể đứng trước lệnh; mặc định là ngôn ngữ của môi trường (LC_ALL, LC_MESSAGES, LANG)
    .plain-csv = CSV cho chương trình: không có dấu thứ tự byte, và không có dấu nháy đơn trước các ô bắt đầu giống công thức mà bảng tính cần
    .json = Chỉ in bản tóm tắt dạng JSON
    .server = Nơi hệ thống lắng nghe, như https://tally.example:7070; mặc định là client.server trong thiết lập, nếu không có thì là nơi `tally login` đăng nhập lần cuối, nếu không có nữa thì là http://127.0.0.1:7070
    .ca = Tệp của tổ chức ký chứng chỉ của máy chủ (PEM); mặc định là những tổ chức mà máy này tin cậy
    .client-cert = Tệp chuỗi chứng chỉ để đưa cho máy chủ có yêu cầu (PEM), dùng cùng --client-key
    .client-key = Tệp khóa riêng của --client-cert (PEM)
    .token-file = Tệp chứa mã truy cập, hoặc - cho đầu vào chuẩn; mặc định là mã mà `tally login` đã nhớ, nếu không có thì là đầu vào chuẩn
    .config = Tệp thiết lập (TOML)
    .set = Đặt một khóa, như database.url=postgres://..; có thể lặp lại
    .dump-config = In các thiết lập đang có hiệu lực, che các giá trị bí mật, rồi dừng
HELP_TALLY = Ai đã làm việc gì, việc đó đáng giá bao nhiêu, được trả bao nhiêu, và vì sao
HELP_HELP = In trang này, hoặc trang của một lệnh
HELP_DEMO = Trình diễn công việc chính trên một tập đoàn giả định: một tháng bản ghi trở thành các bảng kê, trên SQLite trong thư mục tạm
    .once = Dừng sau bản tóm tắt thay vì phục vụ tập đoàn
    .seed = Số dùng để tạo tập đoàn: số khác tạo tập đoàn khác
    .records = Tháng có khoảng bao nhiêu bản ghi phục vụ, từ 1 đến 5.000.000; dưới 100 thì có 100
    .bundle = Thư mục mới hoặc trống để ghi các tệp của tháng vào, dùng để sao chép
    .listen = Địa chỉ và cổng để phục vụ sau bản tóm tắt
    .http = Địa chỉ và cổng của REST sau bản tóm tắt
HELP_CLOSE = Làm công việc chính trên tệp của chính bạn: một tháng bản ghi trở thành phiếu điểm và bảng kê
    .out = Thư mục kết quả: mới hoặc trống
    .explain = Sau đó giải thích một bản ghi (external_id) hoặc một người (mã nhân viên hoặc tên)
    .database = Làm việc trong PostgreSQL thay vì SQLite trong thư mục tạm: URL của chủ sở hữu một cơ sở dữ liệu trống
HELP_IMPORT = Nhập các tệp của một tháng vào hệ thống đang chạy, và cho biết trước và sau có những gì
    .out = Thư mục cho report.json, findings.csv, rejected.csv và refused.csv
    .accept-damaged = Ghi cả những dòng mà bảng tính đã cắt mã hoặc khách hàng: hệ thống sẽ giữ mãi như vậy
    .json = Chỉ in báo cáo dạng JSON
HELP_REPLAY = Tính lại một thư mục kết quả từ chính dữ liệu vào của nó, cho biết có ra giống hệt không, và những tệp nào không được kiểm tra
    .dir = Thư mục kết quả, như `tally close` đã ghi
    .json = Chỉ in kết luận dạng JSON
HELP_SERVE = Chạy một, một số hoặc tất cả dịch vụ
    .services = Những dịch vụ nào, cách nhau bằng dấu phẩy, như identity,attendance; mặc định là những dịch vụ trong thiết lập, tức là tất cả
    .listen = Địa chỉ và cổng để lắng nghe; mặc định theo thiết lập, 127.0.0.1:7070
    .http = Địa chỉ và cổng của gateway, nếu tiến trình này có; mặc định theo thiết lập, 127.0.0.1:8080
    .sample = Bắt đầu với tập đoàn giả định của `tally demo` trên kho dữ liệu trống
HELP_INIT = Tạo tập đoàn và quản trị viên đầu tiên trên kho dữ liệu trống
    .name = Tên tập đoàn
    .currency = Loại tiền của tập đoàn (ISO 4217)
    .zone = Múi giờ của tập đoàn (IANA)
    .regions = Các khu vực của tập đoàn, cách nhau bằng dấu phẩy, như cn-east,cn-south
    .tenant-id = Mã của tập đoàn, chọn trước hoặc lấy từ hệ thống của khu vực khác; nếu kho dữ liệu đã có đúng tập đoàn này thì không thay đổi gì và không phải là lỗi
    .login = Tên đăng nhập của quản trị viên đầu tiên
    .password-file = Tệp chứa mật khẩu của quản trị viên (ít nhất 12 ký tự); nếu không có, mật khẩu là dòng đầu của đầu vào chuẩn
    .invitation-file = Tệp chứa những gì `tally invite` đã in, khi kho dữ liệu đã có tập đoàn khác
HELP_INVITE = In thư mời để tạo thêm một tập đoàn trong kho dữ liệu đã có tập đoàn (PostgreSQL)
    .tenant-id = Mã của tập đoàn, nếu hệ thống của khu vực khác đã tạo tập đoàn trước đó; mặc định là tập đoàn mới
    .days = Có hiệu lực bao nhiêu ngày, tối đa 30
HELP_MIGRATE = Cập nhật cơ sở dữ liệu (PostgreSQL: bằng URL của chủ sở hữu)
HELP_LOGIN = Đổi mật khẩu, ở dòng đầu của đầu vào chuẩn, lấy mã truy cập mà các lệnh sau sẽ dùng
    .login = Tên đăng nhập
    .code = Sáu chữ số của ứng dụng xác thực, hoặc một mã khôi phục, nếu bạn có yếu tố xác thực thứ hai
    .new-password = Mật khẩu được cấp cho bạn chỉ dùng cho một lần đăng nhập: dòng thứ hai của đầu vào chuẩn là mật khẩu mới
HELP_USER = Cho người và chương trình quyền đăng nhập
HELP_USER_CREATE = Tạo tài khoản đăng nhập có một vai trò, trong cả tập đoàn hoặc trên một đơn vị
    .login = Tên đăng nhập
    .role = Vai trò, như group_hr, hoặc branch_hr với --unit
    .unit = Đơn vị, như East, cùng mọi cấp dưới nếu vai trò có phạm vi đến đó; mặc định là cả tập đoàn
    .password-file = Tệp chứa mật khẩu đầu tiên (ít nhất 12 ký tự), hoặc - cho đầu vào chuẩn
HELP_USER_GRANT = Cấp cho tài khoản đăng nhập thêm một vai trò, hoặc vai trò còn thiếu
    .login = Tên đăng nhập
    .role = Vai trò, như group_hr hoặc auditor
    .unit = Đơn vị, như East/Chat, cùng mọi cấp dưới nếu vai trò có phạm vi đến đó; mặc định là cả tập đoàn
HELP_TENANT = Mang theo dữ liệu của cả tập đoàn
HELP_TENANT_EXPORT = Ghi mọi thứ mà từng dịch vụ lưu về tập đoàn vào một thư mục, mỗi bảng một tệp gồm các dòng JSON
    .out = Thư mục; phải chưa tồn tại
    .quiet = Không hiển thị tiến độ
HELP_PERSON = Lấy ra những gì được lưu về một nhân viên
HELP_PERSON_EXPORT = Ghi mọi thứ mà từng dịch vụ lưu về một nhân viên vào một tệp JSON
    .person = Nhân viên: mã nhân viên, hoặc mã định danh (UUID)
    .out = Tệp; phải chưa tồn tại
HELP_RETENTION = Quản lý thời hạn lưu giữ dữ liệu
HELP_RETENTION_RUN = Xóa khỏi mọi dịch vụ những gì đã hết thời hạn theo lịch lưu giữ của tập đoàn
HELP_AUDIT = Xem nhật ký kiểm toán
HELP_AUDIT_VERIFY = Tính lại chuỗi của mọi dịch vụ, tìm mục nhật ký của mọi dòng, và nêu chỗ sai
    .heads = Thư mục các đầu chuỗi đã ký mà nhật ký phải đi qua; mặc định theo thiết lập
HELP_AUDIT_SEARCH = Cho biết ai đã xem hoặc thay đổi gì về một nhân viên, một chủ thể đã làm gì, hoặc đã có gì xảy ra với một đối tượng; mới nhất trước
    .person = Về nhân viên này (UUID)
    .principal = Do chủ thể này (UUID) làm, hoặc thay mặt chủ thể này
    .subject = Xảy ra với đối tượng này, như statement:0199..
    .from = Từ thời điểm này trở đi (RFC 3339), như 2026-03-01T00:00:00+08:00
    .to = Trước thời điểm này (RFC 3339)
    .json = In mỗi dòng một đối tượng JSON
HELP_SCHEME = Đưa một tiêu chuẩn của tập đoàn từ hệ thống này sang hệ thống khác, và bắt đầu với phương án có sẵn
HELP_SCHEME_EXPORT = In tệp đã ký của một phương án của tập đoàn, gồm mọi phiên bản
    .name = Tên phương án
    .from = Khu vực mà tệp rời đi, khi hệ thống phục vụ nhiều khu vực
HELP_SCHEME_IMPORT = Nhập tệp do hệ thống của khu vực khác xuất ra
    .file = Tệp
HELP_SCHEME_TEMPLATE = In một phương án mẫu dưới dạng scheme.yaml, hoặc cho biết có những mẫu nào
    .name = Tên phương án mẫu; nếu không nêu thì liệt kê tất cả
    .out = Tệp để ghi vào, phải chưa tồn tại
HELP_ACCESS = Cho biết ai được làm gì, để rà soát
HELP_ACCESS_REVIEW = Cho biết dưới dạng CSV ai có một quyền, qua lượt cấp quyền, ủy quyền hay quyền khẩn cấp nào, từ khi nào và từ ai; lượt cấp mới nhất trước
    .permission = Quyền, như compensation.statement.read_pay để đọc tiền lương
HELP_KEYS = Quản lý khóa: khóa ký mã truy cập, và khóa của những gì được niêm phong trong cơ sở dữ liệu
HELP_KEYS_MAKE = Tạo thư mục khóa với mọi tệp, cho các giá trị bí mật của một cụm máy; những gì đã có thì giữ nguyên
HELP_KEYS_PROTECT = Mã hóa seal.key bằng cụm mật khẩu, hoặc đổi cụm mật khẩu
    .new-passphrase-file = Tệp chứa cụm mật khẩu mới (ít nhất 12 ký tự); nếu không có, cụm mật khẩu là dòng đầu của đầu vào chuẩn
HELP_KEYS_ROTATE = Tạo khóa mới trong khi các dịch vụ vẫn chạy, và niêm phong mọi thứ bằng khóa mới; tiếp tục từ chỗ lần chạy trước bị dừng
    .what =
        Những khóa nào; mặc định là master và data
        file: chỉ thêm khóa chủ vào seal.key, để phát tệp đi trước khi có gì được bọc bằng khóa đó
        master: khóa chủ trong seal.key; nhanh, không niêm phong lại gì
        data: các khóa dữ liệu; mọi dòng đã niêm phong được niêm phong lại
HELP_KEYS_ROTATE_SIGNING = Cấp cho một dịch vụ khóa mới để ký mã truy cập; các tiến trình đang chạy tự nhận khóa trong vòng một phút
    .service = Dịch vụ, như identity

## The command line: what was done

CANNOT_MAKE_TEMPORARY = không tạo được thư mục tạm: { $error }
CANNOT_REPLACE = không thay được { $file }: { $error }
CANNOT_CREATE = không tạo được { $file }: { $error }
CANNOT_WRITE_TO = không ghi được vào { $folder }: { $error }
OUTPUT_LOST = không ghi được hết kết quả in ra: { $error }
CANNOT_START = không khởi động được: { $error }
CANNOT_LISTEN = không thể lắng nghe tại { $address }; hãy nêu địa chỉ khác bằng { $flag }, hoặc dừng sau bản tóm tắt bằng --once: { $error }
NOT_OF_TALLY = { $file } không phải là thứ tally ghi ra, từ dòng { $line }, cột { $column } trở đi
SAMPLE_SKIPPED = kho dữ liệu đã có tập đoàn: --sample để nguyên
SERVING_HTTP = gateway ở http://{ $address }, những gì nó cung cấp có tại http://{ $address }/openapi.json
SAMPLE_FILLED = Đã điền tập đoàn mẫu. Một mật khẩu cho mọi người, chỉ hiển thị lần này: { $password }
SERVING = đang phục vụ { $services } tại { $scheme }://{ $address }
NO_GROUP_YET = kho dữ liệu này chưa có tập đoàn nên không ai đăng nhập được: hãy dừng tiến trình này, gõ `tally init --name "My group"` với cùng thiết lập, rồi khởi động lại
    .beside = kho dữ liệu này chưa có tập đoàn nên không ai đăng nhập được: hãy gõ `tally init --name "My group"` với cùng thiết lập bên cạnh tiến trình này
REGION_OF_NO_GROUP = server.regions nêu { $region }, mà không tập đoàn nào trong kho dữ liệu này có khu vực đó (hiện có { $known }): tiến trình này không phục vụ dòng nào của khu vực khác; hãy sửa server.regions, hoặc để trống để phục vụ tất cả
REDIS_AWAY = Redis không trả lời tại { $at } (redis.url). Mọi thứ vẫn hoạt động khi thiếu nó: cho đến khi nó trở lại, mỗi tiến trình tự đếm lệnh gọi, và bên nhận xem sự kiện vài giây một lần thay vì được đánh thức
FILE_SWITCH = { $switch }: { $why }
ASK_PASSWORD_TWELVE = mật khẩu (ít nhất 12 ký tự, hiển thị khi bạn gõ):{ " " }
ASK_PASSWORD = mật khẩu (hiển thị khi bạn gõ):{ " " }
ASK_NEW_PASSWORD = mật khẩu mới (ít nhất 12 ký tự):{ " " }
ASK_NEW_PASSPHRASE = cụm mật khẩu mới (hiển thị khi bạn gõ):{ " " }
NO_PASSWORD_GIVEN = không có mật khẩu ở đầu vào chuẩn: hãy gõ mật khẩu, hoặc đưa vào qua ống dẫn
SET_EXPECTED = --set { $pair }: cần KEY=VALUE
SUBJECT_EXPECTED = --subject: cần KIND:ID, như statement:0199..
GROUP_DIFFERS = tập đoàn { $id } đã được tạo trong kho dữ liệu này trước đó và khác với những gì đã gõ ({ $differences }): không có gì bị thay đổi. Hãy gõ đúng như hiện có, hoặc chọn kho dữ liệu khác
GROUP_DIFFERENCE = { $what } là { $there }, không phải { $typed }
GROUP_WAS_MADE = tập đoàn { $id } đã được tạo trong kho dữ liệu này trước đó: không có gì bị thay đổi
GROUP_MADE = đã tạo tập đoàn { $name } ({ $id }) với quản trị viên { $login }
GROUP_NEXT = tiếp theo: tally serve, rồi tally login { $login }
OWNER_URL_MISSING = các schema của PostgreSQL do chủ sở hữu tạo: hãy đặt thiết lập này (TALLY_DATABASE_OWNER_URL) là URL của chủ sở hữu, postgres://OWNER:PASSWORD@HOST/DATABASE
OWNER_URL_ALONE = đây là SQLite trong khi database.owner_url được đặt: hãy đặt thiết lập này (TALLY_DATABASE_URL) là URL mà các dịch vụ dùng để đăng nhập, hoặc bỏ database.owner_url
MIGRATED = { $service }: { $ran }
UP_TO_DATE = đã cập nhật
AUDIT_VERIFIED = { $service }: { $entries } mục, { $rows } dòng, { $heads } đầu chuỗi đã xuất: { $verdict }
AUDIT_INTACT = nguyên vẹn
AUDIT_ON_BEHALF = { " " }thay mặt { $id }
AUDIT_FAULT = { $table } của { $stream }: { $place } { $defect }
AUDIT_PLACE = mục { $at }
    .unnumbered = một mục chưa đánh số
    .named = { $place } ({ $id })
    .row = dòng { $row }
    .row-of = dòng { $row } (mục { $id })
    .line = dòng { $row } của tệp
AUDIT_DEFECT = không phải là thứ dịch vụ đã ghi
    .chain = không nối tiếp mục trước đó (bị chèn, thay hoặc dời)
    .missing = bị thiếu
    .truncated = bị thiếu, cùng mọi mục sau đó đến đầu chuỗi đã ký
    .beyond = nằm sau đầu chuỗi đã ký
    .head = là đầu chuỗi mà chữ ký bị thiếu hoặc không phải của dịch vụ
    .unnumbered = đã chờ số thứ tự quá năm giây: bộ đánh số có đang chạy không?
    .forked = không phải là mục có đầu chuỗi đã xuất: nhật ký trước đó đã bị thay
    .older = bị thiếu, dù đã xuất một đầu chuỗi sau nó: một nhật ký cũ đã được đặt lại
    .exported = không phải là đầu chuỗi của dịch vụ này, hoặc lùi về trước một dòng trước đó
    .unaccounted = không có mục kiểm toán: không đơn vị công việc nào ghi nó
    .borrowed = hoặc dòng bên cạnh đã mượn mục kiểm toán, mục này ghi ít dòng hơn số dòng nêu nó
AUDIT_FAULTS = { $count } lỗi
AUDIT_FOUND = { $count } mục
REVIEW_FOUND = { $count } cách để có { $permission }
INVITE_ONE_GROUP = thiết lập này nêu các tệp SQLite, chỉ chứa một tập đoàn, nên không mời được ai; nhiều tập đoàn cần PostgreSQL (TALLY_DATABASE_URL=postgres://...)
INVITED = cho tập đoàn { $tenant } vào trong { $days } ngày: hãy đưa cho InitTenant hoặc `tally init --invitation-file`
KEYS_MADE = { $folder } có seal.key và các khóa ký của mọi dịch vụ: hãy sao lưu
PASSPHRASE_TOO_SHORT = cụm mật khẩu mới quá ngắn: ít nhất { $least } ký tự
KEYS_PROTECTED = { $file } đã được bảo vệ bằng cụm mật khẩu mới
KEYS_PROTECTED_NEXT = tiếp theo: hãy đặt TALLY_KEYS_PASSPHRASE hoặc TALLY_KEYS_PASSPHRASE_FILE cho mọi dịch vụ, và sao lưu tệp
KEYS_WRAPPED = { $service }: { $count } khóa dữ liệu đã được bọc bằng khóa chủ mới nhất
KEYS_STOPPED = đã dừng; không mất gì: cùng lệnh đó sẽ tiếp tục từ chỗ này
MASTER_KEY_ADDED = khóa chủ { $id } đã có trong { $file }: hãy sao lưu tệp
MASTER_KEY_KEPT = { $count } khóa dữ liệu vẫn dùng khóa chủ cũ hơn: chưa thêm khóa chủ nào khác cho đến khi hết
KEYS_STEP = { $service }: { $table }.{ $column }, { $rows } dòng
KEYS_REPLACED = { $service }: đã thay { $keys } khóa dữ liệu, niêm phong lại { $rows } dòng ({ $speed } dòng/giây)
KEYS_REPLACED_RESUMED = { $service }: đã thay { $keys } khóa dữ liệu của lần chạy trước, niêm phong lại { $rows } dòng ({ $speed } dòng/giây)
NO_SUCH_SERVICE = không có dịch vụ nào tên { $service }: hãy nêu một trong { $services }
SIGNING_KEY_ROTATED = { $service }: khóa mới ký từ { $from }; khóa cũ vẫn có hiệu lực với những gì nó đã ký
PERSON_EXPORTED = đã ghi vào { $file }; giữ lại { $withheld } dòng mà bạn không được đọc
    .untold = đã ghi vào { $file }; giữ lại { $withheld } dòng mà bạn không được đọc; { $services } không trả về gì: hoặc ở đó không lưu gì về nhân viên này, hoặc chỉ có các dòng của đơn vị và ngày ngoài phạm vi của bạn. Người được đọc nhân viên của cả tập đoàn sẽ lấy được tất cả
PERSON_EXPORTED_BEYOND = trong { $services } còn có các dòng khác về nhân viên này, của đơn vị và ngày ngoài phạm vi của bạn. Người được đọc nhân viên của cả tập đoàn sẽ lấy được tất cả
GROUP_EXPORTED = đã ghi { $rows } dòng vào { $folder }; giữ lại { $withheld } dòng mà bạn không được đọc
RETENTION_TAKEN = { $service }: { $rows } dòng của { $table } ({ $kind })
RETENTION_DONE = đã xóa { $rows } dòng
INPUT_NOT_READ = chưa đọc đầu vào chuẩn: --token-file - lấy mã truy cập từ đó
USER_CREATED = { $login } có thể đăng nhập, với vai trò { $role }
USER_ROLE_UNKNOWN = không có vai trò { $role } nào cấp được trong cả tập đoàn hoặc trên một đơn vị; chưa tạo tài khoản đăng nhập nào. Hiện có: { $roles }
    .grant = không có vai trò { $role }. Hiện có: { $roles }
USER_ROLE_WITHOUT_UNIT = vai trò { $role } không cấp trên đơn vị: hãy bỏ --unit
USER_ROLE_OF_A_UNIT = vai trò { $role } được cấp trên đơn vị: hãy nêu đơn vị bằng --unit
USER_UNIT_UNKNOWN = không có đơn vị { $unit }{ $hint }
USER_GRANTED = { $login } có vai trò { $role }
    .already = { $login } đã có vai trò { $role } ở đó: không có gì bị thay đổi
USER_WITHOUT_ROLE = tài khoản đăng nhập { $login } đã được tạo, nhưng vai trò { $role } chưa được cấp: hãy cấp bằng tally user grant { $login } { $role }{ $on }
IMPORT_INTERRUPTED = bạn đã dừng
IMPORT_CURRENCY = số tiền trong đó tính bằng { $said }, còn của tập đoàn bằng { $is }
IMPORT_CURRENCY_CURE = hãy nêu số tiền bằng { $is }, và viết currency: { $is }
IMPORT_BRANCH_REGION = đặt chi nhánh { $branch } vào khu vực { $said }, mà trong hệ thống nó thuộc { $is }
IMPORT_BRANCH_REGION_CURE = hãy viết { $is } cho { $branch } dưới branches:, hoặc đặt tên khác cho chi nhánh
IMPORT_NO_REGION = không nêu khu vực cho { $branches }, nên chúng sẽ nằm trong { $default }, khu vực mà tập đoàn không có
IMPORT_NO_REGION_CURE = hãy viết mỗi chi nhánh nằm ở đâu (tập đoàn có { $known }), như branches: { "{" }"{ $branch }": { $region }{ "}" }
IMPORT_REGIONS = đặt chi nhánh vào các khu vực mà tập đoàn không có: { $unknown }
IMPORT_REGIONS_CURE = hãy nêu cho mỗi chi nhánh một trong { $known } dưới branches: trong group.yaml, hoặc thêm khu vực vào tập đoàn

## Console

UI_LANGUAGE_NAME = Tiếng Việt
UI_SKIP = Đến nội dung
UI_SCREENS = Màn hình
UI_WAY_HERE = Bạn đang ở
UI_HOME = Trang chủ
UI_GREETING = Xin chào, { $name }
UI_LANGUAGE = Ngôn ngữ
UI_THEME = Màu sắc
UI_THEME_AUTO = Theo hệ thống
UI_THEME_LIGHT = Sáng
UI_THEME_DARK = Tối
UI_DENSITY = Khoảng cách dòng
UI_DENSITY_COMPACT = Gọn
UI_DENSITY_TOUCH = Cho màn hình cảm ứng
UI_ZONE = Múi giờ, ví dụ Asia/Shanghai
UI_KEEP_CHOICES = Áp dụng
UI_SIGN_IN = Đăng nhập
UI_SIGN_OUT = Đăng xuất
UI_LOGIN = Tên đăng nhập
UI_PASSWORD = Mật khẩu
UI_CODE = Mã
UI_CODE_HINT = Sáu chữ số mà ứng dụng xác thực hiển thị, hoặc một mã khôi phục.
UI_NEW_PASSWORD = Mật khẩu mới
UI_NEW_PASSWORD_HINT = Mật khẩu cũ chỉ dùng cho một lần đăng nhập. Mật khẩu mới cần ít nhất 12 ký tự; nên dùng bốn từ không liên quan đến nhau.
UI_SESSION_OVER = Phiên đăng nhập đã kết thúc. Hãy đăng nhập để tiếp tục; những gì bạn đã gửi không bị mất.
UI_SIGNED_IN_AGAIN = Bạn đã đăng nhập lại
UI_SEND_AGAIN_SAID = Những gì bạn gửi trước đó vẫn còn ở đây và chưa được thực hiện.
UI_SEND_AGAIN = Gửi ngay
UI_TO_HOME = Về trang đầu
UI_TRY_AGAIN = Thử lại
UI_FOR_SUPPORT = Thông tin cho bộ phận hỗ trợ:
UI_NOT_FOUND = Không có gì ở đây
UI_NOT_ALLOWED = Bạn không có quyền xem
UI_NOT_NOW = Hiện chưa thực hiện được
UI_REFUSED = Thao tác không thành công
UI_OPTIONAL = (không bắt buộc)
UI_PUT_RIGHT = Hãy sửa các mục sau:
UI_SAVE = Lưu
UI_CANCEL = Hủy
UI_REMOVE = Gỡ bỏ
UI_YES = Có
UI_NO = Không
UI_SEARCH = Tìm
UI_ALL = tất cả
UI_GROUP_BY = Gộp theo
UI_NOT_GROUPED = Không gộp
UI_GROUPED_BY = Theo { $column }
UI_COLUMNS = Cột
UI_SHOW = Hiển thị
UI_SHOW_ALL = Hiển thị tất cả
UI_PAGES = Các trang
UI_PREVIOUS = Trước
UI_NEXT = Sau
UI_PAGE_OF = { $page } / { $pages }
UI_ROWS = { $count } dòng
UI_ROWS_OF = { $count } / { $total } dòng
UI_EXPORT = Tải CSV
UI_NOTHING_FITS = Không có gì khớp với điều bạn tìm.
UI_NOTHING_THERE = Ở đây chưa có gì.
UI_NOTHING_TO_DRAW = Không có dữ liệu để vẽ.
UI_LOADING = Đang tải …
UI_AS_OF = Tính đến
UI_NAME = Tên
UI_EMPLOYEE_NO = Mã nhân viên
UI_UNIT = Đơn vị
UI_POSITION = Vị trí
UI_GRADE = Cấp bậc
UI_REGION = Khu vực
UI_SINCE = Từ
UI_STATE = Trạng thái
UI_SHARE = Phần
UI_AMOUNT = Số tiền
UI_DAY = Ngày
UI_REASON = Lý do
UI_REASON_HINT = Người xem lại sau này sẽ đọc được.
UI_SURE = Có, tôi chắc chắn
UI_NO_PEOPLE = Trong phạm vi bạn được xem, không ai đang làm việc vào ngày này.
UI_GALLERY = Thành phần giao diện
NAV_MINE = Của tôi
NAV_TEAM = Nhóm
NAV_BRANCH = Chi nhánh và tập đoàn
NAV_PAY = Tiền lương
NAV_AUDIT = Kiểm toán
NAV_PLATFORM = Hệ thống
NAV_PEOPLE = Nhân viên
FORM_OF_ANOTHER_SITE = yêu cầu này do trang web khác gửi: hãy mở trang ở đây và gửi từ đó
FORM_OUTDATED = trang này thuộc phiên đăng nhập trước: hãy tải lại trang và gửi lại

## Console: access

NAV_WHY = Vì sao được phép
NAV_REVIEW = Rà soát quyền
NAV_GRANTS = Lượt cấp quyền
NAV_LOGINS = Tài khoản đăng nhập
NAV_ROLES = Vai trò
NAV_DELEGATIONS = Ủy quyền
NAV_EMERGENCIES = Quyền khẩn cấp
NAV_KEYS = Khóa API
NAV_PROVIDERS = Đăng nhập một lần
NAV_ACCOUNT = Tài khoản của tôi
UI_KIND = Loại
UI_PERSON = Nhân viên
UI_WHO = Ai
UI_ROLE = Vai trò
UI_ROLES = Vai trò
UI_REACH = Phạm vi
UI_DAYS = Thời hạn
UI_CONDITION = Điều kiện
UI_GIVEN_BY = Người cấp
UI_GIVEN_AT = Lúc cấp
UI_HOLDS_TODAY = Có hiệu lực hôm nay
UI_HOLDS = Có hiệu lực
UI_OVER = Đã kết thúc
UI_FIRST_DAY = Ngày đầu
UI_LAST_DAY = Ngày cuối
UI_UNTIL_WHEN = Đến
UI_PERMISSION = Quyền
UI_PERMISSIONS = Quyền
UI_PERMISSIONS_HINT = Tên các quyền, cách nhau bằng dấu phẩy, ví dụ attendance.roster.write. Tên có trên trang của mỗi vai trò.
UI_WHAT_FOR = Để làm gì
UI_NEW_LOGIN = Tài khoản đăng nhập mới
UI_LOGIN_HINT = Tên gõ khi đăng nhập; trong hệ thống này không ai khác được dùng tên đó.
UI_PASSWORD_HINT = Ít nhất 12 ký tự; nên dùng bốn từ không liên quan đến nhau.
UI_LOGIN_OF = Để trống nếu tài khoản đăng nhập không thuộc nhân viên nào.
UI_RESET_PASSWORD = Mật khẩu mới cho { $name }
UI_RESET_NOW = Tạo mật khẩu một lần
UI_RESET_SAID = Mọi phiên của tài khoản đăng nhập này sẽ kết thúc. Mật khẩu chỉ hiển thị một lần, dùng cho một lần đăng nhập và phải đổi ngay lúc đó.
UI_FACTOR_LOST = Đã mất yếu tố xác thực thứ hai: gỡ bỏ luôn
UI_ONE_TIME_PASSWORD = Mật khẩu một lần
UI_ONE_TIME_SAID = Hãy trao tận tay; mật khẩu có hiệu lực đến { $until }, cho một lần đăng nhập, và không hiển thị lại.
UI_ONCE_SAID = Nội dung này chỉ hiển thị một lần. Hãy cất ở nơi chỉ chương trình đọc được.
UI_WRITTEN_DOWN = Tôi đã lưu
UI_NEW_GRANT = Cấp vai trò
UI_GRANT_SAID = Người cấp phải có toàn bộ quyền của vai trò trong phạm vi được cấp. Vai trò có hiệu lực trong vòng một giây.
UI_UNIT_OF_REACH = Dành cho các loại phạm vi nêu đơn vị.
UI_REGION_OF_REACH = Dành cho loại phạm vi nêu khu vực, ví dụ cn-north.
UI_WITH_FACTOR = Có yếu tố xác thực thứ hai
UI_ONLY_WITH_FACTOR = Chỉ trong phiên có yếu tố xác thực thứ hai
UI_ONLY_AT_HOURS = Chỉ trong khung giờ này
UI_HOURS_HINT = Ví dụ 08:00-20:00; để trống là mọi lúc.
UI_REVOKE_GRANT = Thu hồi vai trò
UI_REVOKE_SAID = { $name } sẽ mất vai trò { $role } ({ $reach }) trong vòng một giây.
UI_NEW_ROLE = Vai trò mới
UI_ROLE_READY = Có sẵn
UI_ROLE_OWN = Của tập đoàn
UI_ROLE_READY_SAID = Đây là vai trò có sẵn nên không thể thay đổi. Nếu không phù hợp, hãy tự tạo vai trò khác.
UI_ROLE_NAME_HINT = Từ 2 đến 64 chữ thường, chữ số và _.
UI_NOBODY_HOLDS = Không ai có quyền này.
UI_MYSELF = Chính tôi
UI_WHOLE_GROUP = Cả tập đoàn
UI_ASK = Tra cứu
UI_ALLOWED = Được phép
UI_NOT_ALLOWED_NOW = Không được phép
UI_ROLES_THAT_GIVE = Các vai trò có quyền này:
UI_WHO_COULD_GIVE = Người có thể cấp:
UI_DELEGATOR = Người ủy quyền
UI_DELEGATE = Người được ủy quyền
UI_DELEGATE_NOW = Ủy quyền
UI_DELEGATIONS_SAID = Ủy quyền là cho người khác mượn một số quyền của bạn đến một thời điểm. Phạm vi bằng phạm vi của bạn, không bao giờ rộng hơn.
UI_TYPED_AT = Theo giờ { $zone }.
UI_TO_REVIEW = Cần rà soát
UI_REVIEWED = Đã rà soát
UI_NO_EMERGENCIES = Chưa ai mở quyền khẩn cấp.
UI_OPEN_EMERGENCY = Mở quyền khẩn cấp
UI_EMERGENCIES_SAID = Quyền khẩn cấp mở các quyền tối đa một giờ. Việc này được báo cáo và do người khác rà soát.
UI_EMERGENCY_OF = Quyền khẩn cấp của { $name }
UI_END_EMERGENCY = Kết thúc ngay
UI_REVIEW_NOW = Rà soát
UI_WHAT_WAS_FOUND = Kết luận rà soát
UI_TICKET = Phiếu yêu cầu
UI_REASON_TWENTY = Ít nhất 20 ký tự; người rà soát sẽ đọc.
UI_FOR_HOW_LONG = Trong bao lâu
UI_MINUTES = { $count } phút
UI_SERVICE_ACCOUNT = Tài khoản dịch vụ
UI_NEW_SERVICE_ACCOUNT = Tài khoản dịch vụ mới
UI_SERVICE_ACCOUNT_SAID = Chương trình có tài khoản riêng, được cấp vai trò như nhân viên và dùng khóa thay cho mật khẩu.
UI_NEW_KEY = Khóa mới
UI_API_KEY = Khóa API
UI_KEYS_SAID = Chương trình đổi khóa lấy mã truy cập có hiệu lực mười phút. Có thể giới hạn khóa trong một số quyền của tài khoản.
UI_KEY_PERMISSIONS_HINT = Tên các quyền, cách nhau bằng dấu phẩy; để trống là mọi quyền của tài khoản.
UI_KEY_YEAR = Tối đa 366 ngày nữa.
UI_NO_KEY = Chưa có khóa
UI_ALL_OF_ACCOUNT = Mọi quyền của tài khoản
UI_LAST_USED = Dùng lần cuối
UI_REVOKE_KEY = Thu hồi khóa
UI_REVOKE_KEY_SAID = Chương trình có khóa này sẽ không đăng nhập được nữa. Không thể hoàn tác.
UI_NO_PROVIDERS = Chưa có nhà cung cấp đăng nhập nào khác.
UI_NEW_PROVIDER = Thêm hoặc thay đổi nhà cung cấp
UI_PROVIDERS_SAID = Hãy đăng ký với nhà cung cấp địa chỉ của trang này kèm { $path } ở sau làm địa chỉ quay lại.
UI_ISSUER = Bên phát hành
UI_CLIENT_ID = Mã ứng dụng khách
UI_CLIENT_SECRET = Khóa bí mật của ứng dụng khách
UI_CLIENT_SECRET_HINT = Để trống nếu ứng dụng khách không có khóa bí mật. Không bao giờ hiển thị lại.
UI_CLAIM = Thuộc tính chứa tên đăng nhập
UI_CLAIM_HINT = Ví dụ email, chỉ được dùng khi đã xác minh.
UI_REDIRECT = Địa chỉ quay lại
UI_PROVIDER_NAME_HINT = Tên để người dùng chọn: từ 2 đến 50 chữ thường, chữ số và -.
UI_PROVIDER_REGION_HINT = Khu vực được dùng nhà cung cấp này, hoặc * cho mọi người.
UI_SSO = Đăng nhập bằng tài khoản của tổ chức
UI_SSO_PROVIDER = Tên nhà cung cấp
UI_SSO_SAID = Bạn sẽ được chuyển đến nhà cung cấp đăng nhập của tổ chức để đăng nhập ở đó.
UI_GO_ON = Tiếp tục
UI_SESSIONS = Phiên đăng nhập
UI_THIS_ONE = Phiên này
UI_END_SESSION = Kết thúc
UI_END_ALL_SESSIONS = Đăng xuất khỏi mọi nơi
UI_CHANGE_PASSWORD = Đổi mật khẩu
UI_CHANGE_PASSWORD_SAID = Các phiên khác của bạn sẽ kết thúc.
UI_ADD_FACTOR = Thêm yếu tố xác thực thứ hai
UI_REMOVE_FACTOR = Gỡ bỏ yếu tố xác thực thứ hai
UI_FACTOR_SAID = Hãy mở ứng dụng xác thực, thêm khóa này rồi gõ sáu chữ số mà ứng dụng hiển thị.
UI_FACTOR_SECRET = Khóa
UI_FACTOR_OPEN = Mở trong ứng dụng xác thực trên thiết bị này
UI_CODE_OF_NEW = Sáu chữ số mà ứng dụng xác thực đang hiển thị.
UI_CONFIRM = Xác nhận
UI_RECOVERY_CODE = Mã khôi phục
UI_RECOVERY_SAID = Khi mất ứng dụng xác thực, mỗi mã này thay được một lần cho mã xác thực. Các mã không hiển thị lại.
WORD_SCOPE_KIND_SELF = Chính mình
WORD_SCOPE_KIND_REPORTS = Cấp dưới của mình
WORD_SCOPE_KIND_UNIT = Một đơn vị
WORD_SCOPE_KIND_SUBTREE = Một đơn vị và mọi cấp dưới
WORD_SCOPE_KIND_LEGAL_ENTITY = Một pháp nhân
WORD_SCOPE_KIND_REGION = Một khu vực
WORD_SCOPE_KIND_TENANT = Cả tập đoàn
WORD_ROLE_AGENT = Nhân viên phục vụ
WORD_ROLE_SUPERVISOR = Trưởng nhóm
WORD_ROLE_BRANCH_HR = Nhân sự chi nhánh
WORD_ROLE_GROUP_HR = Nhân sự tập đoàn
WORD_ROLE_COMPENSATION_SPECIALIST = Chuyên viên lương thưởng
WORD_ROLE_APPROVER = Người phê duyệt
WORD_ROLE_INTEGRATOR = Tích hợp hệ thống
WORD_ROLE_AUDITOR = Kiểm toán viên
WORD_ROLE_PLATFORM_OPERATOR = Người vận hành hệ thống
WORD_ROLE_GROUP_ADMIN = Quản trị viên tập đoàn
WORD_LOGIN_KIND_PERSON = Nhân viên
WORD_LOGIN_KIND_USER = Không thuộc nhân viên nào
WORD_LOGIN_KIND_SERVICE_ACCOUNT = Chương trình
WORD_GRANT_VERDICT_ALLOWS = Cho phép việc này
WORD_GRANT_VERDICT_OUT_OF_REACH = Vai trò có quyền này, nhưng phạm vi không bao gồm đối tượng này
WORD_GRANT_VERDICT_CONDITION_UNMET = Sẽ cho phép nếu có yếu tố xác thực thứ hai, hoặc vào giờ khác
WORD_GRANT_VERDICT_NOT_NOW = Sẽ cho phép vào ngày khác
WORD_GRANT_VERDICT_NOT_ENTITLED = Tập đoàn không có mô-đun này
WORD_GRANT_VERDICT_ROLE_LACKS = Vai trò không có quyền này
WORD_MODULE_IDENTITY = Định danh
WORD_MODULE_ATTENDANCE = Chấm công
WORD_MODULE_PERFORMANCE = Hiệu suất
WORD_MODULE_COMPENSATION = Lương thưởng
WORD_MODULE_TALENT = Nhân tài
WORD_MODULE_SUITE = Tất cả mô-đun
DONE_GRANT_GIVEN = Đã cấp vai trò.
DONE_GRANT_TAKEN = Đã thu hồi vai trò.
DONE_ROLE_DEFINED = Đã lưu vai trò.
DONE_DELEGATED = Đã ủy quyền.
DONE_DELEGATION_ENDED = Ủy quyền đã kết thúc.
DONE_EMERGENCY_OPENED = Quyền khẩn cấp đã mở và đã được báo cáo.
DONE_EMERGENCY_ENDED = Quyền khẩn cấp đã kết thúc.
DONE_EMERGENCY_REVIEWED = Đã lưu kết quả rà soát.
DONE_ACCOUNT_MADE = Đã tạo tài khoản dịch vụ.
DONE_KEY_REVOKED = Đã thu hồi khóa.
DONE_PROVIDER_KEPT = Đã lưu nhà cung cấp.
DONE_PROVIDER_REMOVED = Đã gỡ bỏ nhà cung cấp.
DONE_PASSWORD_CHANGED = Đã đổi mật khẩu; các phiên khác của bạn đã kết thúc.
DONE_FACTOR_REMOVED = Đã gỡ bỏ yếu tố xác thực thứ hai.
DONE_SESSION_ENDED = Phiên đăng nhập đã kết thúc.
DONE_SESSIONS_ENDED = Bạn đã đăng xuất khỏi mọi nơi.
SSO_OF_ANOTHER_BROWSER = lần đăng nhập này bắt đầu ở trình duyệt khác, hoặc đã quá lâu: hãy bắt đầu lại ở đây

## Console: people and structure

NAV_ORG = Cây đơn vị
NAV_CORRECTIONS = Đính chính
NAV_ACCOUNTS = Tài khoản
NAV_ALIASES = Biệt danh
NAV_DEVICES = Thiết bị
NAV_SITES = Địa điểm
NAV_CATALOGUE = Vị trí và cấp bậc
UI_ABOUT = Về ai
UI_ACCOUNT = Tài khoản
UI_ACCOUNT_HINT = Tên dùng để đăng nhập trên nền tảng.
UI_ACTIONS = Thay đổi
UI_ADD_ACCOUNT = Thêm tài khoản
UI_ADD_ALIAS = Thêm biệt danh
UI_ADD_DEVICE = Thêm thiết bị
UI_ADD_ENTRY = Thêm vị trí hoặc cấp bậc
UI_ADD_PERSON = Thêm nhân viên
UI_ADD_PHASE = Thay đổi cách dùng
UI_ADD_PHASE_SAID = Những ngày trước giữ nguyên. Chỉ thêm được giai đoạn về sau: những gì đã qua giữ nguyên như đã nêu.
UI_ADD_SITE = Thêm địa điểm
UI_ADD_UNIT = Thêm đơn vị
UI_ADD_UNIT_BELOW = Thêm đơn vị cấp dưới
UI_AFTER = Sau
UI_ALIAS = Biệt danh
UI_ALIAS_END = Kết thúc biệt danh
UI_ALIAS_MOVE = Chuyển cho người khác
UI_ALL_STATES = Tất cả
UI_ALWAYS = Luôn luôn
UI_APPROVE = Phê duyệt
UI_APPROVED = Đã phê duyệt
UI_ASKED = Đã yêu cầu
UI_ASKED_AT = Lúc yêu cầu
UI_ASKED_BY = Người yêu cầu
UI_AS_HOME = Để trống: như kỳ làm việc chính.
UI_AT_ONCE = Số hội thoại cùng lúc
UI_AT_ONCE_HINT = Số hội thoại một người tiếp được cùng lúc: cuộc gọi là 1.
UI_BACKDATED = Thực tế bắt đầu trước tháng này: các tháng đã chốt khi đó được đọc theo điều biết hôm nay
UI_BEFORE = Trước
UI_CATALOGUE_SAID = Nhập lại cùng mã với ngày đầu muộn hơn để nêu nội dung có hiệu lực từ ngày đó. Khi chưa có mục nào, vị trí và cấp bậc được điền tự do.
UI_CODE_NAME = Mã
UI_CODE_NAME_HINT = Mã dùng trong kỳ làm việc, ví dụ agent hoặc P3.
UI_CORRECTION_ABOUT_YOU = Việc này liên quan đến bạn: người khác quyết định.
UI_CORRECTION_DECIDE = Người khác yêu cầu việc này. Nó được tính từ khi bạn phê duyệt.
UI_CORRECTION_LOOK = Đang chờ người có quyền phê duyệt đính chính.
UI_CORRECTION_OVER = Không còn gì để quyết định.
UI_CORRECTION_OWN = Bạn đã yêu cầu việc này: người khác quyết định. Trong khi chờ, bạn có thể rút lại.
UI_COUNTS_NO_MORE = Mục này không còn được tính nhưng vẫn nằm trong danh sách, vì những gì đã ghi không bị xóa.
UI_CUT_OVER = Giờ chuyển ngày
UI_CUT_OVER_HINT = Vào giờ này ban đêm, ngày làm việc trước kết thúc và ngày sau bắt đầu.
UI_DEED_CANCEL = Hủy thay đổi đã lên kế hoạch
UI_DEED_CANCEL_SAID = Thay đổi đã lên kế hoạch từ ngày này sẽ không diễn ra; những gì có hiệu lực hôm nay giữ nguyên.
UI_DEED_CORRECT_START = Sửa ngày đầu
UI_DEED_CORRECT_START_SAID = Dành cho ngày đầu bị ghi sai. Điều đã biết trước đó vẫn được lưu.
UI_DEED_END = Kết thúc kỳ làm việc
UI_DEED_END_SAID = Mọi kiêm nhiệm, biệt phái và nghỉ phép cũng kết thúc vào ngày này.
UI_DEED_END_LEAVE = Kết thúc nghỉ phép
UI_DEED_END_LINE = Kết thúc tuyến báo cáo
UI_DEED_END_POST = Kết thúc kiêm nhiệm
UI_DEED_LEAVE = Nghỉ phép
UI_DEED_LINE = Đặt người quản lý
UI_DEED_LINE_SAID = Tuyến nét liền mới thay tuyến đang có hiệu lực, trong những ngày của nó.
UI_DEED_POST = Biệt phái hoặc kiêm nhiệm
UI_DEED_RECTIFY = Sửa tên hoặc mã số
UI_DEED_RECTIFY_SAID = Chỉ dành cho nội dung bị ghi sai. Nội dung sai sẽ mất; nhật ký kiểm toán giữ việc đã có thay đổi.
UI_DEED_REHIRE = Tuyển lại
UI_DEED_TRANSFER = Điều chuyển hoặc thăng cấp
UI_DEED_TRANSFER_SAID = Từ ngày này trở đi; trước đó giữ nguyên. Cấp bậc khác là thăng cấp.
UI_DEVICE = Thiết bị
UI_DEVICES_ALIASES = Biệt danh và thiết bị
UI_DEVICE_END = Kết thúc thiết bị
UI_DEVICE_HINT = Đúng như tên ở bàn làm việc hoặc trên nền tảng, giữ nguyên chữ hoa.
UI_DEVICE_MOVE = Chuyển cho người khác
UI_EMPLOYED_AS = Hình thức làm việc
UI_EMPLOYEE_NO_HINT = Mã số riêng của tập đoàn cho nhân viên này; không ai khác có mã đó.
UI_EMPLOYMENTS = Các kỳ làm việc
UI_EMPTY_STAYS = Để trống: giữ nguyên.
UI_EVIDENCE = Căn cứ
UI_EXCLUSIVE = Mỗi lúc một người
UI_EXCLUSIVE_FIELD = Mỗi lúc chỉ một người được giữ
UI_FACT = Nội dung
UI_FACTS = Thông tin
UI_FROM_BEGINNING_HINT = Để trống: từ đầu.
UI_FROM_ON = Từ { $from }
UI_FROM_TIME = Từ
UI_FROM_TO = { $from } đến { $to }
UI_FROM_WHEN = Từ ngày nào
UI_GONE_UNITS = Đơn vị đã giải thể
UI_HANDOVER = Bàn giao
UI_HIDDEN = bạn không được xem
UI_HISTORY = Diễn biến
UI_ID_NUMBER = Số giấy tờ
UI_ITS_ZONE = Múi giờ
UI_KNOWN_ON = Theo điều đã biết vào
UI_LADDER = Thứ tự cấp bậc
UI_LADDER_HINT = Chỉ dành cho cấp bậc, từ 1 trở lên: số lớn hơn là cao hơn.
UI_LEAVES = Nghỉ phép
UI_LEAVE_KIND = Loại nghỉ
UI_LEAVE_REASON = Lý do cụ thể
UI_LEAVE_REASON_HINT = Chỉ người được xem lý do nghỉ mới đọc được.
UI_LINE_KIND = Loại tuyến
UI_LOOK = Xem điều bị ảnh hưởng
UI_MANAGER = Người quản lý
UI_MERGE_ALSO = Sáp nhập cả đơn vị này
UI_MERGE_INTO = Sáp nhập vào đơn vị
UI_MOVE_PEOPLE_HINT = Cần điền khi còn người làm việc ở đó.
UI_MOVE_PEOPLE_TO = Nhân viên và tài khoản chuyển sang
UI_NAME_HIDDEN = Bạn không được xem tên
UI_NEW_PARENT = Dưới đơn vị nào
UI_NEW_PERSON = Từ đó là của ai
UI_NOBODY = Không ai
UI_NOBODY_CALLED = trong danh sách không có “{ $text }”: hãy chọn một mục trong danh sách
UI_NONE_KNOWN = chưa có
UI_NOTHING_AFTER = Việc này chưa hề xảy ra, hoặc không còn được tính.
UI_NOTHING_BEFORE = Trước đó không ghi gì.
UI_NOT_EMPLOYED = Không làm việc vào ngày này
UI_NOT_SAID = không nêu
UI_NO_ACCOUNTS = Trong phạm vi bạn được xem chưa có tài khoản: hãy thêm tài khoản đầu tiên, hoặc nhập từ tệp.
UI_NO_ALIASES = Trong phạm vi bạn được xem chưa có biệt danh.
UI_NO_CATALOGUE = Vào ngày này chưa có danh mục: vị trí và cấp bậc được điền tự do.
UI_NO_CORRECTIONS = Không có đính chính ở trạng thái này.
UI_NO_CORRECTIONS_WAITING = Không có gì chờ quyết định.
UI_NO_DEVICES = Trong phạm vi bạn được xem chưa có thiết bị.
UI_NO_DEVICES_ALIASES = Nhân viên này chưa có biệt danh hay thiết bị.
UI_NO_EMPLOYMENTS = Trong phạm vi bạn được xem không có kỳ làm việc.
UI_NO_LEAVES = Không có kỳ nghỉ phép.
UI_NO_MANAGER = Vào ngày này không báo cáo cho ai.
UI_NO_REASON = Không nêu lý do.
UI_NO_SITES = Chưa có địa điểm: hãy thêm địa điểm đầu tiên.
UI_NO_SLASH = chỉ một tên, không có “/”: đơn vị cấp trên được chọn riêng
UI_NO_UNITS = Vào ngày này không có đơn vị trong phạm vi bạn được xem.
UI_NO_USES = Trong những ngày này không biết có ai làm việc trên thiết bị.
UI_OF_PERSON = của nhân viên
UI_OF_SEAT = của chỗ ngồi
UI_ONE_OF_BOTH = nhân viên hoặc chỗ ngồi, không phải cả hai
UI_ONLY_NEWEST = Chỉ hiển thị { $count } mục mới nhất: hãy chọn trạng thái để thu hẹp.
UI_ON_DAY = Vào { $day }
UI_OPEN_END_HINT = Để trống: chưa biết ngày kết thúc.
UI_ORG_COUNTED = { $units } đơn vị, { $count } người
UI_OWN_ZONE = Múi giờ
UI_PARENT_NOT_THERE = vào ngày này không có đơn vị đó
UI_PATH = Đường dẫn
UI_PATHS = Đơn vị
UI_PEOPLE_BELOW = Số người kể cả cấp dưới

## Console: cycles

UI_SEVERAL_CALLED = có nhiều mục tên “{ $text }”: { $names }
NAV_CYCLES = Kỳ đánh giá
NAV_SCHEMES = Phương án đánh giá
NAV_MEASURES = Số đo
NAV_RUNS = Lượt ghi nhận
NAV_OBSERVATIONS = Số liệu quan sát
PAGE_OUTDATED = kết quả đã được tính lại sau khi bạn mở trang: hãy xem kết quả hiện nay rồi gửi lại
UI_SAY_SURE = hãy đánh dấu ô này để tiếp tục
UI_VERSION = Phiên bản
UI_INDICATORS = Chỉ tiêu
UI_NO_SCHEMES = Chưa có phương án đánh giá. Hãy bắt đầu từ một mẫu bên dưới, hoặc tạo mới.
UI_REFINEMENT = Cụ thể hóa tiêu chuẩn
UI_STANDARD = Tiêu chuẩn
UI_STANDARD_BINDING = Tiêu chuẩn bắt buộc
UI_OWN_SCHEME = Độc lập
UI_WITHDRAWN_FROM = Ngừng sử dụng từ { $day }
UI_IN_USE = Đang sử dụng
UI_WITHDRAWN_BECAUSE = Ngừng sử dụng từ { $day }: { $reason }
UI_SUPERSEDED_BY = Hãy dùng phiên bản { $version } thay thế.
UI_NEW_SCHEME = Phương án mới
UI_SCHEME_TEMPLATES = Mẫu để bắt đầu
UI_BEGIN_WITH_IT = Bắt đầu từ mẫu này
UI_NEW_VERSION = Phiên bản mới
UI_REFINE_IT = Cụ thể hóa
UI_WHAT_IT_IS = Thông tin chung
UI_SIDE_BY_SIDE = So sánh phiên bản
UI_BESIDE = với phiên bản
UI_DIFFERING =
    { $count ->
        [0] Hai phiên bản giống hệt nhau.
       *[other] Có { $count } dòng khác nhau, đã được đánh dấu.
    }
UI_DIFFERS = (khác)
UI_REFINEMENTS = Các phương án cụ thể hóa
UI_SCORED_BY_IT = Các kỳ đánh giá chấm theo phương án này
UI_WITHDRAW_SCHEME = Ngừng sử dụng
UI_WITHDRAW_VERSION_HINT = Để trống: cả phương án.
UI_WITHDRAW_FROM = Từ ngày
UI_SUPERSEDED = Phiên bản thay thế
UI_SUPERSEDED_HINT = Để trống: không có.
UI_VERSION_N = Phiên bản { $version }
UI_NAME_VERSION = { $name }, phiên bản { $version }
UI_REFINES = Cụ thể hóa
UI_COLLABORATION = Cộng điểm cộng tác
UI_COLLABORATION_POINTS = Điểm cộng tác
UI_CURRENCY = Loại tiền
UI_CURRENCY_HINT = Ba chữ cái, ví dụ CNY. Để trống: loại tiền của tập đoàn.
UI_WRITTEN_IN = Khu vực soạn
UI_INDICATOR_OF_TARGET = Chiếm { $weight } trên 100. Mục tiêu: { $target } ({ $direction }); điểm tỷ lệ theo mục tiêu, ít nhất { $floor } và nhiều nhất { $cap }.
UI_INDICATOR_OF_GROUP = Chiếm { $weight } trên 100 ({ $direction }). Cách tính điểm: { $how }, ít nhất { $floor } và nhiều nhất { $cap }.
UI_INDICATOR_SMALL = Nếu có ít hơn { $small } bản ghi được đo thì giá trị được kéo về mức chung.
UI_TEAM_MEDIAN = trung vị của nhóm
UI_WEIGHT_BETWEEN = Khi cụ thể hóa, trọng số được từ { $least } đến { $most }.
UI_WEIGHT_FIXED = Khi cụ thể hóa phải giữ nguyên.
UI_MAY_BE_LEFT_OUT = Có thể bỏ qua.
UI_WEIGHT = Trọng số
UI_TARGET = Mục tiêu
UI_TARGET_HINT = Để trống: trung vị của nhóm.
UI_DIRECTION = Chiều tốt
UI_HOW_POINTS = Cách đổi thành điểm
UI_FLOOR_CAP = Mức sàn và mức trần
UI_FLOOR = Mức sàn
UI_CAP = Mức trần
UI_SMALL_SAMPLE = Mẫu nhỏ khi dưới
UI_SMALL_SAMPLE_HINT = Dưới số bản ghi này, giá trị được kéo về mức chung. Để trống: không áp dụng.
UI_UNIT_OF_MEASURE = Đơn vị tính
UI_KEY = Khóa
UI_KEY_HINT = Để trống: lấy theo số đo.
UI_MAY_BE_REFINED = Đơn vị cấp dưới được cụ thể hóa
UI_MUST_BE_REFINED = Phương án của đơn vị cấp dưới phải cụ thể hóa tiêu chuẩn này
UI_WITHIN = Trọng số được lệch
UI_WITHIN_HINT = Số điểm được tăng hoặc giảm khi cụ thể hóa. Để trống: không được lệch.
UI_MEASURE = Số đo
UI_INDICATOR_N = Chỉ tiêu { $number }
UI_FROM_VERSION = Bắt đầu từ phiên bản { $version }. Các phiên bản trước giữ nguyên.
UI_FROM_STANDARD = Cụ thể hóa { $name }, phiên bản { $version }: chỉ thay đổi những gì tiêu chuẩn cho phép.
UI_FROM_TEMPLATE = Bắt đầu từ mẫu. Hãy điền mục tiêu của bạn.
UI_FROM_NOTHING = Hãy nêu đánh giá điều gì và mỗi điều chiếm bao nhiêu: tổng trọng số phải đúng 100.
UI_NEW_VERSION_OF = Phiên bản mới của { $name }
UI_SUM_WHOLE = Tổng trọng số là { $said }: có thể lưu.
UI_SUM_SHORT = Tổng trọng số là { $said } trên 100: còn thiếu { $rest }.
UI_SUM_OVER = Tổng trọng số là { $said }: vượt 100 là { $rest }.
UI_CHECK = Kiểm tra
UI_ADD_INDICATOR = Thêm chỉ tiêu
UI_UNIT_OR_GROUP_HINT = Để trống: cả tập đoàn.
UI_NEW_MEASURE = Số đo mới
UI_NO_MEASURES = Chưa có số đo.
UI_NO_MEASURE = không có số đo này, hoặc bạn không được xem
UI_MEASURES_WHAT = Đo điều gì
UI_SUPPLIED = Có sẵn
UI_RETIRED = Đã ngừng sử dụng
UI_RETIRED_BECAUSE = { $at }: { $reason }
UI_REVISION = Lần sửa đổi
UI_RETIRE = Ngừng sử dụng
UI_RETIRE_SAID = Khi đó phiên bản phương án mới không được nêu số đo này. Các phiên bản đã có giữ bản sao của mình.
UI_CHANGE_IT = Sửa
UI_MEASURE_OTHER_KIND = Thành phần của số đo này được thay đổi qua API; ở đây có thể đổi tên, đơn vị tính và chiều tốt.
UI_TITLE_EN = Tên tiếng Anh
UI_TITLE_ZH = Tên tiếng Trung
UI_MEASURE_KEY_HINT = Tên để phương án nêu số đo, ví dụ quality_check. Không bao giờ đổi.
UI_MIN_COUNT = Số lượng tối thiểu
UI_MIN_COUNT_HINT = Ít hơn thì coi như không đo được. Để trống: không quy định.
UI_OF_RECORDS = Từ bản ghi
UI_OF_OBSERVATIONS = Từ số liệu quan sát
UI_OF_RATIO = Tỷ lệ của hai số đo
UI_OBSERVED_OF = Quan sát về
UI_AGGREGATION = Cách gộp giá trị
UI_RECORD_VALUE = Giá trị của bản ghi
UI_RECORD_VALUE_HINT = first_reply_seconds, duration_seconds, resolved, rating, amount, hoặc một cột của bạn. Để trống nếu đếm bản ghi.
UI_TEST = Được coi là đạt
UI_TEST_VALUE = so với giá trị này
UI_RECORD_KINDS = Loại bản ghi
UI_LIST_HINT = Nhiều mục thì cách nhau bằng dấu phẩy. Để trống: tất cả.
UI_RATIO_OF = Số đo được chia
UI_RATIO_PER = Chia cho
UI_IN_PERCENT = Tính theo phần trăm
UI_NEW_CYCLE = Kỳ đánh giá mới
UI_NO_CYCLES = Trong phạm vi bạn được xem chưa có kỳ đánh giá. Hãy tạo kỳ cho một tháng và chốt khi đã có đủ bản ghi.
UI_PERIOD = Thời gian
UI_SCHEME = Phương án đánh giá
UI_PEOPLE_IN = Số người có phiếu điểm
UI_PUBLISHED_AT = Lúc công bố
UI_CORRECTION_OF = Đính chính của { $name }
UI_MAKE_CYCLE = Tạo kỳ đánh giá
UI_POPULATION = Diện đánh giá
UI_POPULATION_SAID = Để trống: mọi người của đơn vị và cấp dưới.
UI_POSITIONS = Vị trí
UI_GRADES = Cấp bậc
UI_INCLUDE = Thêm vào
UI_EXCLUDE = Loại ra
UI_PEOPLE_HINT = Mã nhân viên, cách nhau bằng dấu phẩy hoặc mỗi dòng một mã.
UI_AS_OF_DAY = Theo kỳ làm việc vào ngày
UI_AS_OF_DAY_HINT = Để trống: ngày cuối của kỳ.
UI_PREVIEW_POPULATION = Xem trước diện đánh giá
UI_IS_IN = Thuộc diện
UI_IS_OUT = Không thuộc diện
UI_WHY = Vì sao
UI_EVERYBODY_OF_UNIT = Mọi người của đơn vị và cấp dưới
UI_RUN = Lượt ghi nhận
UI_OPEN_RUN = Mở lượt ghi nhận
UI_CORRECTS = Đính chính cho
UI_OPEN_CORRECTED = Mở kết quả đã công bố
UI_RESULT_VERSION = Phiên bản kết quả
UI_STEP_MADE = Đã tạo
UI_STEP_TO_CLOSE = Chốt khi đã có đủ bản ghi
UI_STEP_CLOSING = Đang chốt: ghi nhận bản ghi, chấm phiếu điểm
UI_STEP_FAILED = Không chốt được
UI_STEP_CLOSED = Đã chốt: mọi phiếu điểm đã được chấm
UI_STEP_REVIEW = Cần rà soát và công bố
UI_STEP_PUBLISHED = Đã công bố: mọi người biết kết quả
UI_PROGRESS = Tiến độ
UI_LOOK_AGAIN = Tải lại
UI_DONE_OF = { $done } / { $total }
UI_WAITS_FOR_WORKER = Đang chờ đến lượt
UI_CLOSE_CYCLE = Chốt kỳ đánh giá
UI_CLOSE_AGAIN = Chốt lại
UI_CANCEL_CLOSING = Dừng chốt
UI_CANCEL_CORRECTION = Bỏ đính chính
UI_CANCEL_SAID = Những gì đã tính sẽ bị bỏ; ngoài ra không có gì thay đổi.
UI_CORRECT_CYCLE = Đính chính kết quả
UI_CORRECT_SAID = Kết quả được tính lại theo thực tế hiện nay, bên cạnh kết quả đã công bố; không ai biết cho đến khi được công bố.
UI_CORRECT_REASON_HINT = Mọi người có phiếu điểm đều đọc được.
UI_SCHEME_VERSION = Phiên bản phương án
UI_SCHEME_VERSION_HINT = Để trống: phiên bản đã dùng.
UI_PUBLISH_RESULT = Công bố kết quả
UI_PUBLISH_SURE = Có, mọi người được biết
UI_PUBLISH_SAID = Mọi người có phiếu điểm sẽ thấy, và tiền lương được tính từ đây. Kết quả đã công bố không bao giờ đổi; chỉ có thể đính chính bằng phiên bản sau.
UI_PUBLISH_NOT_YOURS = Ở đây việc công bố là của người khác.
UI_PUBLISHED_ALREADY = Kết quả này đã được công bố; không có gì bị làm hai lần.
UI_PUBLISH_NOTHING_YET = Chưa có kết quả để công bố: hãy chốt kỳ đánh giá trước.
UI_BACK_TO_CYCLE = Về kỳ đánh giá
UI_REVIEW = Kết quả
UI_RECORDS = Bản ghi
UI_CREDITED = Đã ghi nhận
UI_UNATTRIBUTED = Không ghi nhận cho ai
UI_CREDITED_WITHIN = Ghi nhận trong diện
UI_CREDITED_OUTSIDE = { $records } cho { $people } người khác
UI_CORRECTED_PEOPLE = Số người có phiếu điểm thay đổi
UI_HOW_CREDITED = Cách ghi nhận bản ghi
UI_DISTRIBUTION = Phân bố điểm
UI_SCORE_BETWEEN = { $from } đến dưới { $to }
UI_PEOPLE_COUNT = { $count } người
UI_PEOPLE_HERE = Người của chính đơn vị này
UI_PEOPLE_OF = { $count } người, trong đó { $own } ở đây
UI_PERSON_OR_SEAT = Nhân viên hoặc chỗ ngồi
UI_PERSON_OR_SEAT_HINT = Điền nhân viên hoặc chỗ ngồi.
UI_PHASE = Cách dùng
UI_PHASES = Cách dùng theo giai đoạn
UI_PHASE_HINT = Dùng chung: nhiều người dưới một tên. Định danh: mỗi bản ghi nêu nhân viên phục vụ. Hỗn hợp: đang chuyển sang định danh.
UI_PLATFORM = Nền tảng
UI_POST = Loại nào
UI_PUNCH = Chấm công
UI_REJECT = Từ chối
UI_REJECTED = Đã từ chối
UI_REPORTS = Cấp dưới báo cáo
UI_REPORTS_TO = Báo cáo cho
UI_RESULTS = Kết quả
UI_SEAT = Chỗ ngồi
UI_SEAT_HINT = Đúng như tên trong lịch phân ca; ai được xếp vào chỗ đó thì làm việc trên thiết bị.
UI_SEAT_UNIT = Đơn vị của chỗ ngồi
UI_SHIFT = Ca
UI_SOME_HIDDEN = Một phần nội dung bị ẩn: các quyền bạn được cấp không cho xem.
UI_STORE = Cửa hàng
UI_TEAM = Nhóm
UI_TEAM_HINT = Nhóm phục vụ tài khoản. Để trống: của cả tập đoàn.
UI_TICK_SURE = hãy đánh dấu ô này trước
UI_TITLE = Tên hiển thị
UI_TODAY = Hôm nay
UI_TOUCHES = Điều bị ảnh hưởng
UI_TOUCHES_SAID = Chưa ghi gì: đây là kết quả nếu thực hiện.
UI_TO_TIME = Đến
UI_UNITS_BELOW = Đơn vị cấp dưới
UI_UNIT_CLOSE = Giải thể đơn vị
UI_UNIT_CLOSE_SAID = Khi đó đơn vị không được còn cấp dưới. Nhân viên và tài khoản chuyển đến nơi bạn nêu; quá khứ giữ nguyên.
UI_UNIT_KIND_HINT = Để trống: chi nhánh nếu ở cấp trên cùng, nếu không là nhóm.
UI_UNIT_MERGE = Sáp nhập vào đơn vị khác
UI_UNIT_MERGE_SAID = Đơn vị cấp dưới, nhân viên và tài khoản chuyển sang đơn vị kia, và đơn vị này giải thể.
UI_UNIT_MOVE = Chuyển xuống dưới đơn vị khác
UI_UNIT_MOVE_SAID = Từ ngày này cùng mọi đơn vị cấp dưới; quá khứ giữ chỗ cũ. Chỉ trong một khu vực.
UI_UNIT_NOT_ON_DAY = Vào ngày này không có đơn vị này: đang hiển thị trạng thái cuối cùng, hoặc trạng thái lúc bắt đầu.
UI_UNIT_REGION_HINT = Dành cho chi nhánh ở cấp trên cùng; đơn vị cấp dưới theo khu vực của chi nhánh.
UI_UNIT_RENAME = Đổi tên đơn vị
UI_UNIT_RENAME_SAID = Từ ngày này trở đi; quá khứ giữ tên cũ.
UI_UNTIL = Đến { $to }
UI_WENT_INTO = Đã nhập vào { $unit }
UI_WHAT = Nội dung
UI_WHOLE_NUMBER = một số nguyên
UI_WHOSE = Của ai
UI_WHO_USED_WHAT = Ai đã dùng gì
UI_WHY_HIDDEN = Bạn không được xem lý do
UI_WHY_NOT_SAID = Không nêu lý do
UI_WITHDRAW = Rút lại
UI_WITHDRAWN = Đã rút lại
UI_YOU = Bạn
UI_ZONE_HINT = Để trống: múi giờ của tập đoàn.
DONE_PERSON_ADDED = Đã thêm nhân viên
DONE_PERSON_CHANGED = Đã ghi thay đổi
DONE_ORG_CHANGED = Đã thay đổi cây đơn vị
DONE_ACCOUNT_ADDED = Đã thêm tài khoản
DONE_PHASE_ADDED = Đã ghi thay đổi
DONE_ALIAS_CHANGED = Đã ghi biệt danh
DONE_DEVICE_CHANGED = Đã ghi thiết bị
DONE_SITE_ADDED = Đã thêm địa điểm
DONE_ENTRY_ADDED = Đã ghi mục
DONE_CORRECTION_APPROVED = Đã phê duyệt: được tính từ bây giờ
DONE_CORRECTION_REJECTED = Đã từ chối
DONE_CORRECTION_WITHDRAWN = Đã rút lại
WORD_POST_HOME = Chính
WORD_POST_CONCURRENT = Kiêm nhiệm
WORD_POST_SECONDMENT = Biệt phái
WORD_EMPLOYMENT_REASON_HIRE = Tuyển dụng
WORD_EMPLOYMENT_REASON_REHIRE = Tuyển lại
WORD_EMPLOYMENT_REASON_TRANSFER = Điều chuyển
WORD_EMPLOYMENT_REASON_PROMOTION = Thăng cấp
WORD_EMPLOYMENT_REASON_SECONDMENT = Biệt phái
WORD_EMPLOYMENT_REASON_CONCURRENT_POST = Kiêm nhiệm
WORD_EMPLOYMENT_REASON_REORGANISATION = Tái cơ cấu
WORD_LEAVE_KIND_SICK = Nghỉ ốm
WORD_LEAVE_KIND_WORK_INJURY = Tai nạn lao động
WORD_LEAVE_KIND_MATERNITY = Thai sản
WORD_LEAVE_KIND_PARENTAL = Chăm con
WORD_LEAVE_KIND_CARE = Chăm sóc người thân
WORD_LEAVE_KIND_UNPAID = Nghỉ không lương theo nguyện vọng
WORD_LEAVE_KIND_OTHER = Khác
UI_MOVERS = Thay đổi nhiều nhất
UI_AGAINST = So với { $name }
UI_NOBODY_MOVED = Không ai có điểm thay đổi.
UI_SCORE_RANK = { $score }, thứ hạng { $rank }
UI_NOW = Hiện nay
UI_DROPPED = Chỉ tiêu không được tính
UI_FINDINGS = Những điều cần xem
UI_FINDINGS_ALL =
    { $count ->
        [0] Không có gì bất thường.
       *[other] { $count } phát hiện.
    }
UI_FINDINGS_MORE = { $count } phát hiện đầu tiên; còn nhiều hơn.
UI_FINDINGS_FIRST = Các phát hiện đầu tiên
UI_CARDS = Phiếu điểm
UI_NO_CARDS = Không có phiếu điểm mà bạn được xem.
UI_RANK = Thứ hạng
UI_SCORE = Điểm
UI_CREDITED_RECORDS = Bản ghi được ghi nhận
UI_COMPARE_CARDS = So sánh phiếu điểm
UI_WITH_PERSON = Với
UI_CHOOSE_PEOPLE = Hãy chọn người ở trên: phiếu điểm của họ sẽ nằm cạnh nhau ở đây.
UI_CHANGED_SINCE = Thay đổi từ khi tính
UI_NOTHING_CHANGED = Không có: chốt lại cũng cho kết quả như vậy.
UI_CHANGED_ACCOUNTS = Có thay đổi trên { $accounts } tài khoản.
UI_CHANGED_OBSERVATIONS = Có { $observations } số liệu quan sát mới hoặc đã thay đổi.
UI_CHANGED_OTHERS = Ngoài ra còn { $others } tài khoản bạn không được xem.
UI_CHANGED_RATE = Tỷ giá từ { $from } sang { $to } đã khác.
UI_CHANGES_REMOVED = Những gì trước { $day } có thể đã bị xóa do hết thời hạn lưu giữ và không được dùng để so với kết quả.
UI_CHANGED_ON_ACCOUNT = thay đổi bản ghi: { $records }; ngày có ca trực khác: { $days }
UI_CARD = Phiếu điểm
UI_OF_CARDS = trên { $of }
UI_OUTSIDE_OWN = trong đó { $records } ngoài lịch phân ca hoặc nhóm của mình
UI_POINTS_BY_INDICATOR = Điểm theo chỉ tiêu
UI_STEP_BY_STEP = Từng bước một
UI_VALUE = Giá trị
UI_ADJUSTED = Sau quy tắc mẫu nhỏ
UI_POINTS = Điểm
UI_WEIGHTED = Đã nhân trọng số
UI_MEASURED_ON = Số bản ghi được đo
UI_CARD_VERSIONS = Các phiên bản của phiếu điểm
UI_VERSIONS_BESIDE = So sánh các phiên bản của phiếu điểm
UI_NO_CARD_THEN = không có phiếu điểm
UI_NOT_PUBLISHED_YET = Kết quả này chưa được công bố: chỉ người rà soát mới thấy.
UI_OPEN_PERSON = Mở nhân viên
UI_DIGEST = Mã băm của dữ liệu vào
UI_NEW_RUN = Bắt đầu lượt ghi nhận
UI_NO_RUNS = Chưa có lượt ghi nhận. Chốt kỳ đánh giá sẽ bắt đầu một lượt; trang này cũng vậy, trước khi chấm điểm.
UI_STARTED = Bắt đầu
UI_CYCLE = Kỳ đánh giá
UI_RULES = Quy tắc
UI_PEOPLE_CREDITED = Số người được ghi nhận
UI_ACCOUNTS = Tài khoản
UI_TOTALS = Tổng cộng theo người
UI_AT_LEAST = Ít nhất
UI_AT_MOST = Nhiều nhất
UI_NAMED_SHARE = Trong đó chắc chắn
UI_CANCEL_RUN = Dừng lượt ghi nhận
UI_START_RUN = Bắt đầu
UI_RUN_SAID = Ghi nhận bản ghi của một số ngày để sửa điều bất thường trước khi chốt kỳ đánh giá. Không chấm điểm.
UI_NO_OBSERVATIONS = Ở đây chưa có số liệu quan sát. Số liệu đến qua nhập tệp, hoặc từ hệ thống khác qua API.
UI_NO_OBSERVATION = không còn số liệu quan sát này
UI_SOURCE = Nguồn
UI_CAME_AT = Lúc nhận
UI_COUNTS = Được tính
UI_WITH_VERSIONS = Cả những gì không còn được tính
UI_WITHDRAW_OBSERVATION = Thu hồi số liệu quan sát
UI_WITHDRAW_SAID = Số liệu không còn được tính. Các phiên bản vẫn đọc được, kèm lý do của bạn.
WORD_CYCLE_STATE_OPEN = Đang mở
WORD_CYCLE_STATE_CLOSING = Đang chốt
WORD_CYCLE_STATE_REVIEWABLE = Cần rà soát
WORD_CYCLE_STATE_PUBLISHED = Đã công bố
WORD_CYCLE_STATE_FAILED = Không thành công
WORD_ATTRIBUTION_RUN_STATE_RUNNING = Đang chạy
WORD_ATTRIBUTION_RUN_STATE_DONE = Xong
WORD_ATTRIBUTION_RUN_STATE_FAILED = Không thành công
WORD_ATTRIBUTION_RUN_STATE_CANCELLED = Đã dừng
WORD_NORMALISATION_TARGET_PIECEWISE = Tỷ lệ theo mục tiêu
WORD_NORMALISATION_MIN_MAX = Giữa giá trị nhỏ nhất và lớn nhất của diện đánh giá
WORD_NORMALISATION_PERCENTILE = Tỷ lệ người trong diện có giá trị bằng hoặc thấp hơn
WORD_NORMALISATION_T_SCORE = Khoảng cách đến trung bình của diện đánh giá (điểm T)
WORD_DIRECTION_HIGHER = càng nhiều càng tốt
WORD_DIRECTION_LOWER = càng ít càng tốt
WORD_REFINEMENT_STATE_UP_TO_DATE = Đã theo bản mới nhất
WORD_REFINEMENT_STATE_BEHIND_BUT_FITS = Theo bản cũ nhưng vẫn khớp
WORD_REFINEMENT_STATE_MUST_FOLLOW = Cần sửa theo tiêu chuẩn
WORD_REFINEMENT_STATE_PARENT_WITHDRAWN = Tiêu chuẩn đã ngừng sử dụng
WORD_POPULATION_REASON_FITS = Khớp mọi điều kiện
WORD_POPULATION_REASON_NAMED_IN = Được nêu tên
WORD_POPULATION_REASON_NAMED_OUT = Được nêu để loại ra
WORD_POPULATION_REASON_NOT_EMPLOYED = Không làm việc trong kỳ
WORD_POPULATION_REASON_OTHER_UNIT = Ngày đó ở đơn vị khác
WORD_POPULATION_REASON_OTHER_POSITION = Ngày đó ở vị trí khác
WORD_POPULATION_REASON_OTHER_GRADE = Ngày đó ở cấp bậc khác
WORD_POPULATION_REASON_OTHER_EMPLOYMENT_KIND = Ngày đó có hình thức làm việc khác
WORD_POPULATION_REASON_EMPLOYMENT_KIND_NOT_SAID = Chưa nêu hình thức làm việc
WORD_DROP_REASON_NOBODY_HAS_DATA = không ai có dữ liệu
WORD_DROP_REASON_NO_DATA_OF_PERSON = nhân viên này không có dữ liệu
WORD_DROP_REASON_NO_TARGET = trung vị không lớn hơn 0 nên không có mục tiêu
WORD_DROP_REASON_TOO_LARGE = số quá lớn để tính
WORD_DROP_REASON_TOO_LARGE_ELSEWHERE = số của người khác quá lớn để tính
WORD_DROP_REASON_NO_PAST = không có giá trị trước đó để so sánh
WORD_PERSON_CHANGE_KIND_EMPLOYMENT = đơn vị khác, hoặc làm việc vào những ngày khác
WORD_PERSON_CHANGE_KIND_CAME_IN = đã vào diện đánh giá
WORD_PERSON_CHANGE_KIND_WENT_OUT = đã rời diện đánh giá
WORD_PERSON_CHANGE_KIND_PAST = có giá trị khác ở các kỳ đánh giá trước
WORD_OBSERVATION_END_REVISED = Đã sửa đổi
WORD_OBSERVATION_END_WITHDRAWN = Đã thu hồi
WORD_EMPLOYMENT_KIND_FULL_TIME = Toàn thời gian
WORD_EMPLOYMENT_KIND_PART_TIME = Bán thời gian
WORD_EMPLOYMENT_KIND_FIXED_TERM = Có thời hạn
WORD_EMPLOYMENT_KIND_INTERN = Thực tập
WORD_EMPLOYMENT_KIND_AGENCY = Phái cử
WORD_EMPLOYMENT_KIND_OUTSOURCED = Thuê ngoài
WORD_EMPLOYMENT_KIND_FREELANCE = Tự do
WORD_ORG_UNIT_KIND_UNSPECIFIED = Đơn vị
WORD_ORG_UNIT_KIND_GROUP = Tập đoàn
WORD_ORG_UNIT_KIND_LEGAL_ENTITY = Pháp nhân
WORD_ORG_UNIT_KIND_BRANCH = Chi nhánh
WORD_ORG_UNIT_KIND_DEPARTMENT = Phòng ban
WORD_ORG_UNIT_KIND_TEAM = Nhóm
WORD_REPORTING_LINE_KIND_UNSPECIFIED = Tuyến
WORD_REPORTING_LINE_KIND_SOLID = Nét liền: quản lý trực tiếp
WORD_REPORTING_LINE_KIND_DOTTED = Nét đứt: quản lý thêm
WORD_CATALOGUE_KIND_UNSPECIFIED = Mục
WORD_CATALOGUE_KIND_POSITION = Vị trí
WORD_CATALOGUE_KIND_GRADE = Cấp bậc
WORD_PHASE_KIND_UNSPECIFIED = Không nêu
WORD_PHASE_KIND_SHARED = Dùng chung
WORD_PHASE_KIND_MIXED = Hỗn hợp
WORD_PHASE_KIND_NAMED = Định danh
WORD_FACT_STATE_UNSPECIFIED = Được tính
WORD_FACT_STATE_COUNTS = Được tính
WORD_FACT_STATE_VOIDED = Đã hủy
WORD_FACT_STATE_MOVED = Đã thay thế
WORD_CORRECTION_ACTION_UNSPECIFIED = Sửa lại
WORD_CORRECTION_ACTION_ADD = bổ sung điều bị quên
WORD_CORRECTION_ACTION_VOID = chưa hề xảy ra
WORD_CORRECTION_ACTION_MOVE = đã xảy ra khác đi
WORD_CORRECTION_ACTION_CHANGE = từ nay là cái khác
WORD_CORRECTION_ACTION_CANCEL = bỏ khỏi lịch phân ca
WORD_CORRECTION_ACTION_END = kết thúc
WORD_CORRECTION_STATE_UNSPECIFIED = Chỉ xem trước

## Console: mine

NAV_TODAY = Hôm nay
NAV_MONTH = Tháng của tôi
NAV_MY_PAY = Tiền lương của tôi
NAV_FACTS = Chấm công của tôi
UI_MINE_ZONE = Giờ theo { $zone }.
UI_MINE_ZONE_OTHER = Giờ theo { $zone } như bạn đã chọn; bạn làm việc ở { $site }, và ngày được tính theo nơi đó.
UI_MINE_LASTS = { $hours } giờ { $minutes } phút
UI_MINE_LASTS_COLUMN = Thời gian làm việc
UI_MINE_ACCOUNT = Tài khoản … { $code }
UI_MINE_ACCOUNT_COLUMN = Tài khoản
UI_MINE_FREE = Hôm nay không có ca
UI_MINE_AHEAD = Ca của bạn bắt đầu lúc { $at }
UI_MINE_LATE = Ca của bạn đã bắt đầu lúc { $at }; bạn chưa chấm công vào
UI_MINE_ABSENT = Có ca nhưng không chấm công
UI_MINE_IN = Đã vào từ { $at }
UI_MINE_MISSING = Thiếu một lượt chấm công
UI_MINE_WAS = Đã làm việc { $lasts }
UI_MINE_DAY_FREE = Không có ca
UI_MINE_DAY_AHEAD = Có ca
UI_MINE_DAY_LATE = Chưa vào
UI_MINE_DAY_ABSENT = Không chấm công: sửa lại
UI_MINE_DAY_IN = Đã vào
UI_MINE_DAY_MISSING = Thiếu chấm công: sửa lại
UI_MINE_DAY_WAS = Đầy đủ
UI_MINE_COME = Chấm công vào
UI_MINE_LEAVE = Chấm công ra
UI_MINE_SHIFT = Ca
UI_MINE_NO_SHIFT = Ngày này không có ca.
UI_MINE_SEAT = Chỗ ngồi
UI_MINE_PUNCHES = Lượt chấm công
UI_MINE_NO_PUNCHES = Ngày này chưa có lượt chấm công.
UI_MINE_TO_FACTS = Mọi ngày và đính chính
UI_MINE_ACCOUNTS = Tài khoản
UI_MINE_NO_ACCOUNTS = Bạn chưa được xếp tài khoản nào. Nếu đang phục vụ một tài khoản, hãy hỏi trưởng nhóm.
UI_MINE_TAKE = Nhận
UI_MINE_RELEASE = Trả
UI_MINE_HELD_BY_ME = Bạn giữ từ { $at }
UI_MINE_HELD_BY = { $name } giữ từ { $at }
UI_MINE_HELD_BY_OTHER = Có người giữ từ { $at }
UI_MINE_HELD_BY_NOBODY = Không ai trong số người bạn được xem đang giữ
UI_MINE_DRIFT = Đồng hồ thiết bị của bạn lệch { $minutes } phút. Lượt chấm công tính theo giờ của hệ thống; giờ của thiết bị được lưu kèm.
UI_MINE_DROPPED = Không được tính
UI_MINE_ADDED = Do đính chính
UI_MINE_MOVE = Sửa lại
UI_MINE_VOID = Không hề có
UI_MINE_OTHERS_PUNCH = lượt chấm công này do người khác thực hiện trên thiết bị này: người đó phải đăng nhập để gửi
UI_MINE_LATE_REASON = Chấm công khi không có mạng lúc { $at }
UI_MINE_LATE_ASKED = Đã ghi lúc { $recorded }. Việc tính theo { $at }, lúc bạn bấm, đang chờ phê duyệt.
UI_MINE_LATE_NOT_ASKED = Đã ghi lúc { $recorded }. Bạn bấm lúc { $at }, nhưng không gửi được yêu cầu tính theo giờ đó ({ $why }): hãy sửa lại trong Chấm công của tôi.
UI_QUEUE = Lượt chấm công khi không có mạng
UI_QUEUE_WAITING = Chờ có mạng rồi tự gửi
UI_QUEUE_RECORDED = Đã ghi
UI_QUEUE_REFUSED = Bị từ chối
UI_OFFLINE = Không có mạng
UI_OFFLINE_SAID = Bạn vẫn chấm công được: thiết bị giữ lượt chấm công kèm giờ và gửi khi có mạng lại.
UI_OFFLINE_SCRIPTS = Chấm công khi không có mạng cần JavaScript, mà trình duyệt của bạn không chạy.
UI_MINE_CYCLES = Kỳ đánh giá
UI_MINE_SCORE = Điểm
UI_MINE_PLACE = Thứ hạng
UI_MINE_RANK = { $rank } trên { $of }
UI_MINE_GAP = Điểm còn thiếu so với mục tiêu
UI_MINE_GAP_SAID = Tổng số điểm còn thiếu của các chỉ tiêu dưới mục tiêu
UI_MINE_COLLABORATION = Cộng tác
UI_MINE_STEPS = Điểm, từng bước một
UI_MINE_OF_WEIGHT = { $points } / { $weight }
UI_MINE_IN_WORDS = Giải thích từng bước
UI_MINE_HELPS = Điều giúp nhiều nhất
UI_MINE_HELPS_NOTHING = Mọi chỉ tiêu đều đạt mục tiêu.
UI_MINE_LACKS = Điểm còn thiếu:
UI_MINE_TOTALS = Bản ghi được ghi nhận
UI_MINE_INTERVAL = Vạch là phần được ghi nhận cho bạn; với độ chắc chắn 90%, những gì bạn đã phục vụ nằm trong thanh.
UI_MINE_ALL_ACCOUNTS = Mọi tài khoản
UI_MINE_HOW_SURE = Mức độ chắc chắn
UI_MINE_TO_RECORDS = Từng bản ghi, và vì sao
UI_MINE_RECORDS = Bản ghi
UI_MINE_RECORD = Bản ghi
UI_MINE_BEGAN = Bắt đầu
UI_MINE_SHARE = Phần của bạn
UI_MINE_OTHERS = Người khác
UI_MINE_NO_RECORDS = Ở đây không có bản ghi nào được ghi nhận cho bạn.
UI_MINE_WHY = Vì sao
UI_MINE_HIDDEN = Chỗ có *** là người bạn không được xem.
UI_MINE_VERSIONS = Phiên bản
UI_MINE_VERSION = Phiên bản { $number }: điểm { $score }
UI_MINE_NO_VERSIONS = Phiếu điểm này chưa được công bố.
UI_MINE_DRAFT = Kỳ đánh giá này đang được rà soát: điểm có thể thay đổi cho đến khi công bố.
UI_MINE_NO_CARD = Bạn chưa có phiếu điểm. Phiếu sẽ có khi một kỳ đánh giá có bạn được công bố.
UI_MINE_STATEMENT = Bảng kê
UI_MINE_STATEMENTS = Bảng kê
UI_MINE_NO_STATEMENTS = Bạn chưa có bảng kê. Bảng kê sẽ có khi lập quyết toán từ một kỳ đánh giá đã công bố.
UI_MINE_EQUAL = Nếu chia đều
UI_MINE_LINES = Gồm những gì
UI_MINE_NO_LINES = Bảng kê này chỉ chi các khoản điều chỉnh.
UI_MINE_ADJUSTMENTS = Đính chính các bảng kê trước
UI_MINE_DELTAS = Các khoản đã được đính chính
UI_MINE_LEFT = Còn phải quyết toán:
UI_MINE_LEFT_NEXT = Để lại cho bảng kê sau:
UI_MINE_BEHIND = Điểm dựa trên { $total } bản ghi; ở đây liệt kê { $count } bản ghi.
UI_MINE_NO_DAYS = Trong tháng này không có lượt chấm công và không có ca.
UI_MINE_FINDINGS = Điều bất thường về bạn
UI_MINE_NO_FINDINGS = Không có: lượt chấm công và bản ghi của bạn khớp nhau.
UI_MINE_ADVICE = Cần làm gì:
UI_MINE_FIX = Yêu cầu sửa như vậy
UI_MINE_CORRECTIONS = Đính chính
UI_MINE_NO_CORRECTIONS = Bạn chưa yêu cầu đính chính nào.
UI_MINE_WITHDRAW = Rút lại
UI_MINE_HANDOVERS = Bàn giao
UI_MINE_NO_HANDOVERS = Trong tháng này bạn không nhận và không trả tài khoản nào.
UI_MINE_ADD = Bổ sung lượt chấm công
UI_MINE_MOVE_TITLE = Sửa lượt chấm công
UI_MINE_VOID_TITLE = Lượt chấm công không hề có
UI_MINE_IT_WAS = Đang ghi: { $kind }, { $at }
UI_MINE_RIGHT_SAID = Người khác phê duyệt; cho đến lúc đó mọi thứ giữ nguyên. Những gì đã ghi không bao giờ bị xóa.
UI_MINE_WHEN = Thực tế lúc nào
UI_MINE_KIND = Vào hoặc ra
UI_MINE_ASK = Gửi yêu cầu
WORD_PUNCH_KIND_IN = Vào
WORD_PUNCH_KIND_OUT = Ra
WORD_PUNCH_VERDICT_ACCEPTED = Hợp lệ
WORD_PUNCH_VERDICT_DOUBLE_IN = Bạn đã vào trước đó: lượt này bắt đầu lại
WORD_PUNCH_VERDICT_OUT_WITHOUT_IN = Có lượt ra mà không có lượt vào trước đó
WORD_PUNCH_VERDICT_OFF_ROSTER = Không có ca vào giờ này
WORD_HANDOVER_KIND_TAKE = Đã nhận
WORD_HANDOVER_KIND_RELEASE = Đã trả
WORD_CORRECTION_STATE_WAITING = Chờ phê duyệt
WORD_CORRECTION_STATE_APPROVED = Đã phê duyệt
WORD_CORRECTION_STATE_MADE = Đã thực hiện
WORD_CORRECTION_STATE_REJECTED = Đã từ chối
WORD_CORRECTION_STATE_WITHDRAWN = Đã rút lại
WORD_PUNCH_KIND_UNSPECIFIED = Lượt chấm công
WORD_HANDOVER_KIND_UNSPECIFIED = Bàn giao
UI_DIALOGUES_AT_ONCE = { $count } hội thoại cùng lúc

## Console: team

NAV_TEAM_MONTH = Tháng của nhóm
NAV_TEAM_ACCOUNTS = Tài khoản theo thời gian
NAV_FINDINGS = Phát hiện
NAV_HANDOVERS = Bàn giao
NAV_ROSTER = Lịch phân ca
UI_TEAM_ABOUT = Về
UI_TEAM_ACCOUNT = Tài khoản
UI_TEAM_ACCOUNTS_SAID = Hãy chọn một tài khoản để xem ai đã giữ, có bản ghi nào đến và của ai.
UI_TEAM_ASK_TO_PUT_RIGHT = Yêu cầu đính chính
UI_TEAM_BEGAN = Bắt đầu
UI_TEAM_BROUGHT_BY = Do đính chính nào mà có
UI_TEAM_BY_ACCOUNTS = Theo tài khoản
UI_TEAM_BY_PEOPLE = Theo nhân viên
UI_TEAM_BY_WHAT = Nhân viên hoặc tài khoản
UI_TEAM_CANCEL_SHIFT = Hủy ca
UI_TEAM_CERTAIN = Chắc chắn
UI_TEAM_CERTAIN_SAID = có nêu tên, tự nhận, bàn giao hoặc trực một mình
UI_TEAM_CHANGE_SHIFT = Thay đổi ca
UI_TEAM_COLLABORATION = Cộng tác
UI_TEAM_COMPARED_WITH = So với { $before }
UI_TEAM_CORRECTIONS_WAIT = { $count } đính chính bàn giao đang chờ phê duyệt
UI_TEAM_CORRECTION_NOT_YOURS = Bạn được xem, nhưng không được yêu cầu đính chính.
UI_TEAM_CORRECTION_WAITS = Một đính chính của mục này đang chờ phê duyệt.
UI_TEAM_COUNTS_NO_MORE = Mục này không còn được tính nên không có gì để sửa ở đây.
UI_TEAM_COUNTS_NO_MORE_BY = Đính chính làm cho mục này không còn được tính
UI_TEAM_COUNTS_PUT_RIGHT = đã sửa
UI_TEAM_CREDITED_TO_NOBODY = { $count } bản ghi của những ngày này không được ghi nhận cho ai.
UI_TEAM_CREDITS_OF = Ghi nhận theo
UI_TEAM_CUSTOMER = Khách hàng
UI_TEAM_CYCLE = Kỳ đánh giá
UI_TEAM_DAYS = { $count } ngày
UI_TEAM_DAYS_SHOWN = Số ngày hiển thị
UI_TEAM_DAYS_TOO_MANY = mỗi lần tối đa { $limit } ngày
UI_TEAM_DAY_DRAWN =
    { $day }: { $records } bản ghi, { $gaps ->
        [0] cả ngày có người trực
       *[other] { $gaps } khoảng không ai trực
    }.
UI_TEAM_DEVICE = Thiết bị
UI_TEAM_DUTY_AS_TABLE = Bảng ca trực
UI_TEAM_EARLIER_VERSIONS = Các phiên bản trước
UI_TEAM_ENDED = Kết thúc
UI_TEAM_END_HINT = Nếu không sau giờ bắt đầu: kết thúc vào ngày hôm sau.
UI_TEAM_EVIDENCE = Căn cứ
UI_TEAM_FINDINGS_OF = Phát hiện từ
UI_TEAM_FIRST_DAY = Ngày đầu
UI_TEAM_FIRST_REPLY = Trả lời đầu tiên
UI_TEAM_FIX = Có thể sửa
UI_TEAM_FIXABLE = Có thể sửa { $count } mục trong số này từ đây: hãy mở từng mục để xem sẽ làm gì.
UI_TEAM_FIX_ALIAS = “{ $alias }” trên { $platform } sẽ chỉ { $person }.
UI_TEAM_FIX_AT_ONCE = Được tính ngay.
UI_TEAM_FIX_CLOSE = Kỳ đánh giá sẽ được chốt lại.
UI_TEAM_FIX_HANDOVER = Sẽ bổ sung bàn giao { $account } của { $person }: { $kind }, { $at }.
UI_TEAM_FIX_MOVE = Bản ghi { $record } sẽ chuyển từ { $from } sang { $to }.
UI_TEAM_FIX_NONE = Từ điều đã biết không suy ra được cách sửa: cần người có mặt lúc đó cho biết. Lời khuyên ở trên nêu việc cần làm.
UI_TEAM_FIX_NOT_YOURS = Người có nhiều quyền hơn có thể sửa.
UI_TEAM_FIX_OTHER = Sẽ gọi { $call }.
UI_TEAM_FIX_PUNCH = Sẽ bổ sung lượt chấm công của { $person }: { $kind }, { $at }.
UI_TEAM_FIX_THERE = có thể sửa
UI_TEAM_FIX_WAITS = Người khác phải phê duyệt thì mới được tính.
UI_TEAM_FORGOTTEN_HANDOVER = Bổ sung bàn giao bị quên
UI_TEAM_MONDAY = T2
UI_TEAM_TUESDAY = T3
UI_TEAM_WEDNESDAY = T4
UI_TEAM_THURSDAY = T5
UI_TEAM_FRIDAY = T6
UI_TEAM_SATURDAY = T7
UI_TEAM_SUNDAY = CN
UI_TEAM_FROM = Từ
UI_TEAM_GAP_AT = không ai trực { $gaps }
UI_TEAM_GAP_BUSY = Không ai trực mà có bản ghi
UI_TEAM_HANDOVER = Bàn giao
UI_TEAM_HOW_KNOWN = Cách biết được
UI_TEAM_HOW_SURE = Mức độ chắc chắn
UI_TEAM_HOW_THE_SCORE_CAME = Điểm được tính thế nào
UI_TEAM_INDICATOR = Chỉ tiêu
UI_TEAM_KIND = Loại
UI_TEAM_LAST_DAY = Ngày cuối
UI_TEAM_LAST_DAY_HINT = Để trống: chỉ ngày đầu.
UI_TEAM_LEGEND = Chú giải
UI_TEAM_LEGEND_SAID = Mỗi bản ghi được tô bằng màu của những người được ghi nhận, chiều cao theo phần của mỗi người, và càng nhạt thì phần của họ càng ít. Chữ cái là của người có phần nhiều nhất; tên nằm ở đầu hàng. Vòng tròn là lượt chấm công và bàn giao: đặc là vào và nhận, rỗng là ra và trả.
UI_TEAM_LOOK_AT_IT = Xem
UI_TEAM_MOVED = Thay đổi điểm
UI_TEAM_MOVE_HINT = Chỉ điền nếu việc xảy ra vào giờ khác.
UI_TEAM_NAMED = Nhân viên phục vụ được nêu tên
UI_TEAM_NOBODY = Không ai
UI_TEAM_NOBODY_ON_DUTY = Không ai trực
UI_TEAM_NOTHING_ODD = Tháng này không có gì bất thường.
UI_TEAM_NOT_CREDITED = chưa ghi nhận
UI_TEAM_NOT_CREDITED_YET = Ở đây chưa ghi nhận gì: chưa có kỳ đánh giá đã chốt hay lượt ghi nhận nào bao gồm những ngày này. Đang hiển thị bản ghi đến và người trực.
UI_TEAM_NO_ACCOUNTS = Trong phạm vi bạn được xem không có tài khoản.
UI_TEAM_NO_CARDS = Trong phạm vi bạn được xem không có phiếu điểm.
UI_TEAM_NO_CARDS_DO = Phiếu điểm xuất hiện khi kỳ đánh giá được chốt. Hãy chọn kỳ khác ở trên, hoặc xem các tài khoản trong lúc chờ.
UI_TEAM_NO_CARD_OF_PERSON = Nhân viên này không có phiếu điểm trong kỳ đánh giá này.
UI_TEAM_NO_FINDINGS = Không có phát hiện nào cần xem.
UI_TEAM_NO_FINDINGS_DO = Phát hiện đến cùng mỗi lượt ghi nhận, kể cả trước khi chốt kỳ đánh giá.
UI_TEAM_NO_HANDOVERS = Những ngày này không có bàn giao.
UI_TEAM_NO_HANDOVERS_DO = Hãy chọn ngày khác ở trên. Bàn giao được ghi khi nhân viên nhận và trả tài khoản.
UI_TEAM_NO_RECORDS = Những ngày này không có bản ghi.
UI_TEAM_NO_SHIFT = không có ca
UI_TEAM_ON_DUTY = Đang trực
UI_TEAM_ON_DUTY_HELD = Trực theo bàn giao
UI_TEAM_ON_DUTY_LOOSE = Trực như thành viên nhóm
UI_TEAM_OTHERS = Người bạn không được xem
UI_TEAM_OTHER_ACCOUNT = Tài khoản bạn không được xem
UI_TEAM_OUTSIDE = Bản ghi ở nơi khác
UI_TEAM_PERSON = Nhân viên
UI_TEAM_PERSON_HINT = Tên hoặc mã nhân viên trong danh sách.
UI_TEAM_PHASE = Cách dùng
UI_TEAM_PLATFORM = Nền tảng
UI_TEAM_POINTS = Điểm
UI_TEAM_POINTS_BY_INDICATOR = Điểm của từng chỉ tiêu
UI_TEAM_POLICY = Chính sách
UI_TEAM_PUBLISH_SAID = Giờ theo múi giờ của tài khoản. Người được xếp ca đọc được ngay.
UI_TEAM_PUBLISH_SHIFTS = Công bố ca
UI_TEAM_PUNCHED = Đã chấm công vào
UI_TEAM_PUT_IT_RIGHT = Sửa lại
UI_TEAM_PUT_RIGHT_BECAUSE = Vì sao sửa
UI_TEAM_RANGE = Khoảng (90%)
UI_TEAM_RANK = Thứ hạng
UI_TEAM_RANK_OF = { $rank } trên { $of }
UI_TEAM_RATING = Đánh giá của khách
UI_TEAM_RECORD = Bản ghi
UI_TEAM_RECORDS = Bản ghi
UI_TEAM_RECORDS_AS_TABLE = Bảng bản ghi
UI_TEAM_RECORDS_CAME = bản ghi đến
UI_TEAM_RECORDS_CREDITED = ghi nhận cho những người bạn được xem
UI_TEAM_REFUND_OF = Hoàn tiền của
UI_TEAM_RESOLVED = Đã giải quyết
UI_TEAM_ROSTERED = Được xếp ca
UI_TEAM_SCORE = Điểm
UI_TEAM_SCORE_MEDIAN = Trung vị điểm
UI_TEAM_SEAT = Chỗ ngồi
UI_TEAM_SECONDS = { $seconds } giây
UI_TEAM_SHIFT = Ca
UI_TEAM_SHIFT_COUNTS_NO_MORE = Ca này không còn được tính: hãy thay đổi ca được tính thay cho nó.
UI_TEAM_SHIFT_NOT_YOURS = Bạn được xem ca này, nhưng không được thay đổi.
UI_TEAM_SHIFT_REASON_HINT = Cần điền khi ca đã bắt đầu.
UI_TEAM_STORE = Cửa hàng
UI_TEAM_SURE_KNOWN = Chắc chắn
UI_TEAM_SURE_NOBODY = Không ghi nhận cho ai
UI_TEAM_SURE_SHARED = Chia đều, không có gì để phân biệt
UI_TEAM_SURE_WEIGHED = Cân nhắc theo căn cứ
UI_TEAM_TARGET = Mục tiêu
UI_TEAM_TIMES_IN = Giờ theo { $zone } ({ $offset }).
UI_TEAM_TIMES_OF_ACCOUNTS = Giờ theo múi giờ riêng của từng tài khoản.
UI_TEAM_TO = Đến
UI_TEAM_TODAY = Hôm nay
UI_TEAM_TO_THE_CARD = Đến phiếu điểm
UI_TEAM_TO_THE_FINDINGS = Phát hiện của tháng này
UI_TEAM_TO_THE_TABLE = Đến bảng bản ghi
UI_TEAM_TO_THE_TIMELINE = Dòng thời gian
UI_TEAM_VALUE = Giá trị
UI_TEAM_VIEW = Phạm vi hiển thị
UI_TEAM_VIEW_DAY = Ngày
UI_TEAM_VIEW_MONTH = Tháng
UI_TEAM_VIEW_WEEK = Tuần
UI_TEAM_WEIGHT = Trọng số
UI_TEAM_WHAT = Nội dung
UI_TEAM_WHAT_CORRECTIONS_CHANGED = Đính chính đã thay đổi gì
UI_TEAM_WHAT_IS_ODD = Điều bất thường
UI_TEAM_WHAT_IS_RIGHT = Điều đúng
UI_TEAM_WHAT_IT_WAS = Nội dung đã ghi
UI_TEAM_WHAT_SHOWS_IT = Căn cứ
UI_TEAM_WHAT_TO_DO = Việc cần làm
UI_TEAM_WHAT_WAS_PUT_RIGHT = Điều đã sửa
UI_TEAM_WHAT_WAS_SEEN = Điều đã thấy
UI_TEAM_WHEN = Lúc nào
UI_TEAM_WHEN_IT_WAS = Thực tế lúc nào
UI_TEAM_WHERE_THE_RECORDS_ARE = Bản ghi nằm ở đâu
UI_TEAM_WHOSE = Của ai
UI_TEAM_WHY = Vì sao
UI_TEAM_ZONE_OF_DAYS = Múi giờ tính ngày
WORD_DUTY_RULE_HANDOVER = giữ tài khoản theo bàn giao
WORD_DUTY_RULE_ROSTER = được xếp ca, và không có lượt chấm công trái ngược
WORD_DUTY_RULE_PUNCH = thuộc nhóm và đã chấm công vào
WORD_DUTY_RULE_TEAM = không có căn cứ: cả nhóm
WORD_VERSION_END_REVISED = bên gửi đã sửa đổi
WORD_VERSION_END_MOVED = đã chuyển sang tài khoản khác
WORD_VERSION_END_WITHDRAWN = đã thu hồi
WORD_NOBODY_ON_DUTY = không ai trực
DONE_FIX_ASKED = Đã gửi yêu cầu. Tiếp theo người khác phê duyệt
DONE_FIX_MADE = Đã sửa
DONE_CORRECTION_ASKED = Đã gửi yêu cầu. Tiếp theo người khác phê duyệt
DONE_SHIFTS_PUBLISHED = Đã công bố ca
DONE_SHIFT_CHANGED = Đã thay đổi ca
DONE_SHIFT_CANCELLED = Đã hủy ca

## Console: words that other rooms have too

WORD_RECORD_AGGREGATION_MEAN = Trung bình
WORD_RECORD_AGGREGATION_SUM = Tổng
WORD_RECORD_AGGREGATION_COUNT = Số lượng
WORD_RECORD_AGGREGATION_SHARE = Tỷ lệ phần trăm đạt điều kiện
WORD_RECORD_AGGREGATION_DISTINCT = Số khách hàng
WORD_OBSERVATION_AGGREGATION_SUM = Tổng
WORD_OBSERVATION_AGGREGATION_MEAN = Trung bình
WORD_OBSERVATION_AGGREGATION_LAST = Giá trị cuối
WORD_OBSERVATION_OF_PERSON = Nhân viên
WORD_OBSERVATION_OF_UNIT = Đơn vị của nhân viên
WORD_OBSERVATION_OF_ACCOUNT = Tài khoản
WORD_OBSERVATION_OF_STORE = Cửa hàng
WORD_OBSERVATION_OF_CAMPAIGN = Chiến dịch
WORD_COMPARISON_AT_MOST = nhiều nhất
WORD_COMPARISON_AT_LEAST = ít nhất
WORD_COMPARISON_BELOW = dưới
WORD_COMPARISON_ABOVE = trên
WORD_COMPARISON_EQUAL = đúng bằng
DONE_SCHEME_SAVED = Đã lưu phiên bản.
DONE_SCHEME_WITHDRAWN = Đã ngừng sử dụng.
DONE_MEASURE_SAVED = Đã lưu số đo.
DONE_MEASURE_RETIRED = Số đo đã ngừng sử dụng.
DONE_CYCLE_MADE = Đã tạo kỳ đánh giá.
DONE_CYCLE_CLOSING = Đã bắt đầu chốt.
DONE_CYCLE_CANCELLED = Đã dừng.
DONE_CYCLE_CORRECTING = Đang tính đính chính.
DONE_CYCLE_PUBLISHED = Đã công bố kết quả.
DONE_RUN_STARTED = Lượt ghi nhận đã bắt đầu.
DONE_RUN_CANCELLED = Lượt ghi nhận đã dừng.
DONE_OBSERVATION_WITHDRAWN = Đã thu hồi số liệu quan sát.
WORD_FINDING_MISSING_PUNCH = Thiếu lượt chấm công
WORD_FINDING_DOUBLE_IN = Chấm công vào hai lần
WORD_FINDING_TAG_OFF_DUTY = Được nền tảng nêu tên khi không trực
WORD_FINDING_UNCOVERED_SHIFT = Ca không ai làm
WORD_FINDING_NAMED_WITHOUT_AGENT = Tài khoản định danh không nêu tên ai
WORD_FINDING_MISSING_RELEASE = Nhận tài khoản mà không trả lại
WORD_FINDING_CLAIM_OFF_DUTY = Tự nhận khi không trực
WORD_FINDING_OVERLAP = Hai người cùng giữ một tài khoản
WORD_FINDING_SEVERAL_AT_ONCE = Cùng lúc ở nhiều tài khoản
WORD_FINDING_TOO_FEW_REPLIES = Quá ít câu trả lời để phân biệt
WORD_FINDING_DEVICE_OFF_DUTY = Thiết bị của người không trực
WORD_FINDING_MIXED_WITHOUT_TAG = Tài khoản hỗn hợp không có tên
WORD_FINDING_NO_DUTY_EVIDENCE = Không có căn cứ trực
WORD_FINDING_CLAIMS_DIFFER = Các lượt tự nhận mâu thuẫn
WORD_FINDING_CLAIM_WITHOUT_RECORD = Lượt tự nhận không có bản ghi
WORD_FINDING_BREAKS_NOT_PUNCHED = Giờ nghỉ không chấm công
WORD_FINDING_DEVICE_OF_NOBODY = Thiết bị không của ai
WORD_FINDING_EVIDENCE_UNEVEN = Căn cứ không đồng đều
WORD_FINDING_EVIDENCE_NOT_READ = Căn cứ chưa được đọc
DONE_CAME = Bạn đã chấm công vào.
DONE_LEFT = Bạn đã chấm công ra.
DONE_PUNCHED = Đã ghi lượt chấm công.
DONE_TOOK = Từ bây giờ bạn giữ tài khoản.
DONE_RELEASED = Đã trả tài khoản.
DONE_ASKED = Đã gửi yêu cầu: người khác phê duyệt.
DONE_WITHDRAWN = Đã rút lại.

## Console: pay

NAV_POOLS = Quỹ thưởng
NAV_SETTLEMENTS = Quyết toán
NAV_STATEMENTS = Bảng kê
NAV_PAY_CORRECTIONS = Đính chính tiền lương
NAV_RATES = Tỷ giá
WORD_SETTLEMENT_STATE_DRAFT = Bản nháp
WORD_SETTLEMENT_STATE_APPROVED = Đã phê duyệt
WORD_SETTLEMENT_STATE_POSTED = Đã ghi sổ
WORD_SETTLEMENT_STATE_DISCARDED = Đã hủy bỏ
WORD_PAY_CORRECTION_STATE_DRAFT = Bản nháp
WORD_PAY_CORRECTION_STATE_APPROVED = Đã phê duyệt
WORD_PAY_CORRECTION_STATE_WITHDRAWN = Đã rút lại
DONE_POOL_MADE = Đã tạo quỹ thưởng.
DONE_SETTLEMENT_DRAFTED = Đã lập bản nháp quyết toán. Người khác phê duyệt.
DONE_PAY_APPROVED = Đã phê duyệt quyết toán. Bây giờ có thể ghi sổ.
DONE_PAY_POSTED = Đã ghi sổ quyết toán. Quyết toán không bao giờ thay đổi nữa.
DONE_PAY_DISCARDED = Đã hủy bỏ quyết toán.
DONE_NOTHING_MOVED_ON = Chưa làm gì: trạng thái đã chuyển từ trước. Đây là tình trạng hiện nay.
DONE_PAY_CORRECTION_DRAFTED = Đã lập bản nháp đính chính. Người khác phê duyệt.
DONE_PAY_CORRECTION_APPROVED = Đã phê duyệt đính chính. Các quyết toán sau sẽ chi phần chênh lệch.
DONE_PAY_CORRECTION_WITHDRAWN = Đã rút lại đính chính.
DONE_RATE_SET = Đã ghi tỷ giá.
DONE_RATE_KNOWN = Không ghi gì: tỷ giá này đã có rồi.
UI_PAY_ACCOUNT = Tài khoản
UI_PAY_ACCOUNT_HIDDEN = Tài khoản bạn không được xem
UI_PAY_ADJUSTMENTS = Đính chính các tháng trước
UI_PAY_ADJUSTMENTS_ALONE = Bảng kê này không có phần của quỹ thưởng: chỉ chi đính chính các tháng trước.
UI_PAY_ALSO_SUPERSEDED = Hiện cả những gì không còn được tính
UI_PAY_AMOUNTS_HIDDEN = Bạn được xem có những bảng kê nào, nhưng không được xem số tiền của ai: các số tiền không được gửi đến trang này.
UI_PAY_AMOUNT_HINT = Chữ số với tối đa một dấu chấm, ví dụ 120000.50.
UI_PAY_ANOTHER_ACCOUNT = tài khoản khác (…{ $tail })
UI_PAY_APPROVAL_ELSEWHERE = Đang chờ người có quyền phê duyệt. Bạn không có quyền này.
UI_PAY_APPROVE = Phê duyệt
UI_PAY_APPROVE_PAY_CORRECTION_SAID = Từ đó, các quyết toán sau sẽ chi thêm hoặc giữ lại phần chênh lệch.
UI_PAY_APPROVE_SAID = Bạn không lập quyết toán này nên được phê duyệt. Hãy xem các dòng và tổng số trước.
UI_PAY_BEFORE = Trước
UI_PAY_BEFORE_ROUNDING = Trước làm tròn
UI_PAY_BESIDE_THE_POOL = Ngoài quỹ thưởng
UI_PAY_CARRY = Chuyển tiền lẻ sang tháng sau
UI_PAY_CARRY_HINT = Tiền lẻ không chia đều được sẽ chuyển từ tháng này sang tháng khác để bù trừ dần.
UI_PAY_CORRECTION = Đính chính tiền lương
UI_PAY_CORRECTION_REASON_HINT = Mỗi bảng kê có thay đổi sẽ hiển thị lý do này.
UI_PAY_CORRECTION_SAID = Những gì đã ghi sổ giữ nguyên. Quỹ thưởng được chia lại theo phiếu điểm hiện nay, và quyết toán sau chi phần chênh lệch của từng người.
UI_PAY_COUNTS = Được tính
UI_PAY_CURRENCY = Loại tiền
UI_PAY_CURRENCY_HINT = Ba chữ cái, ví dụ CNY.
UI_PAY_CYCLE = Kỳ đánh giá
UI_PAY_CYCLE_HIDDEN = Kỳ đánh giá bạn không được xem
UI_PAY_DELTAS = Người nhận số tiền khác
UI_PAY_DIFFERENCE = Chênh lệch
UI_PAY_DISCARD = Hủy bỏ
UI_PAY_DISCARD_SAID = Bỏ quyết toán này. Sau đó quỹ thưởng có thể được chia lại.
UI_PAY_DRAFT_PAY_CORRECTION = Lập bản nháp đính chính
UI_PAY_DRAFT_SETTLEMENT = Lập bản nháp quyết toán
UI_PAY_EQUAL_SPLIT = Chia đều
UI_PAY_EQUAL_SPLIT_SAID = số tiền mỗi người nhận nếu không có điểm
UI_PAY_FLOOR = Mức sàn của điểm
UI_PAY_FLOOR_HINT = Bằng hoặc dưới mức này thì không nhận gì; để trống là 0.
UI_PAY_FUND_NAME = Tên quỹ
UI_PAY_HIDDEN = bị ẩn
UI_PAY_HOW_KNOWN = Cách biết được
UI_PAY_HOW_MADE = Số tiền được tính thế nào
UI_PAY_HOW_SPLIT = Cách chia
UI_PAY_IN = Quy đổi ra
UI_PAY_LEFT_TO_PAY = Còn phải chi
UI_PAY_LESS = Tổng giảm
UI_PAY_LINES_TOGETHER = Tổng các dòng
UI_PAY_LOWEST_SCORE = điểm thấp nhất
UI_PAY_MAKE_POOL = Tạo quỹ thưởng
UI_PAY_MORE = Tổng tăng
UI_PAY_NAME_HIDDEN = Tên bị ẩn
UI_PAY_NEW_PAY_CORRECTION = Đính chính tiền lương
UI_PAY_NEW_POOL = Quỹ thưởng mới
UI_PAY_NEW_RATE = Tỷ giá mới
UI_PAY_NEW_SETTLEMENT = Quyết toán mới
UI_PAY_NOW = Hiện nay
UI_PAY_NO_CARRY = Tiền lẻ được chia hết trong tháng.
UI_PAY_NO_DELTAS = Không ai nhận số tiền khác.
UI_PAY_NO_PAY_CORRECTIONS = Chưa có đính chính tiền lương. Quyết toán đã ghi sổ được sửa bằng đính chính.
UI_PAY_NO_PERCENT = không phải là tỷ lệ phần trăm từ 0 đến 100 với tối đa bốn chữ số lẻ
UI_PAY_NO_POOLS = Chưa có quỹ thưởng. Hãy tạo quỹ cho một kỳ đánh giá: số tiền và cách chia.
UI_PAY_NO_POOL_READY = Hiện không chia được quỹ thưởng nào: các quỹ đã chi hoặc đang được chi, hoặc kỳ đánh giá chưa công bố. Hãy tạo quỹ thưởng, hoặc công bố kỳ đánh giá trước.
UI_PAY_NO_POSTED_SETTLEMENT = Chưa ghi sổ gì nên không có gì để đính chính. Với bản nháp, hãy hủy bỏ rồi lập lại.
UI_PAY_NO_RATES = Chưa có tỷ giá. Chỉ cần tỷ giá khi tính tiền của loại tiền khác.
UI_PAY_NO_RECORDS_BEHIND = Bảng kê này không có bản ghi nào làm căn cứ.
UI_PAY_NO_SETTLEMENTS = Chưa có quyết toán. Hãy lập bản nháp quyết toán từ một kỳ đánh giá đã công bố và một quỹ thưởng.
UI_PAY_NO_SETTLEMENT_OF_POOL = Quỹ thưởng chưa được quyết toán: hãy lập bản nháp quyết toán.
UI_PAY_NO_STATEMENTS = Ở đây không có bảng kê mà bạn được xem.
UI_PAY_NOT_PUBLISHED = chưa công bố
UI_PAY_NUMBER = Số thứ tự
UI_PAY_NUMBERED = { $at }. { $label }
UI_PAY_OF_THE_POOL = Từ quỹ thưởng
UI_PAY_ONE_OF = Một đơn vị
UI_PAY_ONLY_COUNTING = Chỉ hiện những gì được tính
UI_PAY_PAID = Chi cho nhân viên
UI_PAY_PART_FUND_SAID = Phần này giữ cho nhóm và không chi cho ai. Để trống tỷ lệ nếu không dùng.
UI_PAY_PART_PROPORTIONAL_SAID = Mỗi người nhận theo số điểm trên mức sàn. Để trống tỷ lệ nếu không dùng.
UI_PAY_PART_TIERS_SAID = Bậc tốt nhất trước. Mỗi bậc lấy một tỷ lệ phần trăm số người, hoặc mọi người từ một mức điểm; ai thuộc bậc thì có trọng số của bậc. Để trống tỷ lệ nếu không dùng.
UI_PAY_PERCENT_OF_POOL = Phần trăm của quỹ thưởng
UI_PAY_POOL = Quỹ thưởng
UI_PAY_POOLS_WAIT = { $count } quỹ thưởng không có trong danh sách chọn: điểm của kỳ đánh giá chưa được công bố.
UI_PAY_POOL_NAME_HINT = Ví dụ: Thưởng tháng 3.
UI_PAY_POOL_TO_SPLIT_HINT = Chỉ những quỹ thưởng có kỳ đánh giá đã công bố và chưa chi.
UI_PAY_POOL_UNIT_HINT = Chi cho ai: đơn vị của kỳ đánh giá hoặc cấp dưới. Để trống là mọi người trong kỳ.
UI_PAY_POOL_WAITS = Có thể quyết toán quỹ thưởng khi điểm của kỳ đánh giá được công bố.
UI_PAY_POST = Ghi sổ
UI_PAY_POSTING_ELSEWHERE = Đang chờ người có quyền ghi sổ. Bạn không có quyền này.
UI_PAY_POST_SAID = Từ đó quyết toán không bao giờ thay đổi, và quỹ thưởng coi như đã chi.
UI_PAY_PREPARED_AT = Lúc lập
UI_PAY_PUBLISHED = đã công bố
UI_PAY_QUOTA = phần trăm số người
UI_PAY_RATE = Tỷ giá
UI_PAY_RATES_SAID = Tỷ giá có hiệu lực cho đến tỷ giá sau của cùng cặp tiền. Những gì đã nêu trước đó vẫn đọc được.
UI_PAY_RATE_HINT = Ví dụ 7.1234.
UI_PAY_RECORD = Bản ghi
UI_PAY_RECORDS_BEHIND = Bản ghi làm căn cứ
UI_PAY_RECORDS_TRACED = { $count } trên { $all } bản ghi
UI_PAY_ROW_REFUSED = { $said }
UI_PAY_RULE_FUND_SAID = Giữ cho nhóm, không chi cho ai.
UI_PAY_RULE_PROPORTIONAL = Tỷ lệ theo điểm
UI_PAY_RULE_PROPORTIONAL_SAID = Mỗi người nhận theo số điểm trên { $floor }.
UI_PAY_RULE_TIERS = Theo bậc
UI_PAY_RULE_TIERS_SAID = Ai thuộc bậc thì có trọng số của bậc; phần này được chia theo trọng số.
UI_PAY_SAY_SURE = hãy xác nhận là bạn chắc chắn
UI_PAY_SCORE = Điểm
UI_PAY_SETTLEMENT = Quyết toán
UI_PAY_SETTLEMENT_LINES = Mỗi người nhận gì
UI_PAY_SETTLEMENT_LINES_SAID = Mỗi dòng dẫn đến bảng kê: các bước, phiếu điểm và bản ghi làm căn cứ. Điểm lấy từ
UI_PAY_SET_RATE = Ghi tỷ giá
UI_PAY_SHARES_SUM = tổng tỷ lệ của các phần là { $sum }%, không phải 100%
UI_PAY_SHOW_DIFFERENCE = Xem điều sẽ thay đổi
UI_PAY_SHOW_MORE = Xem thêm
UI_PAY_SOURCE = Nguồn
UI_PAY_SOURCE_HINT = Ví dụ tỷ giá công bố hằng ngày của ngân hàng trung ương.
UI_PAY_STATEMENT = Bảng kê
UI_PAY_STEP_APPROVED = Đã phê duyệt
UI_PAY_STEP_DISCARDED = Đã hủy bỏ
UI_PAY_STEP_DRAFTED = Đã lập bản nháp
UI_PAY_STEP_POSTED = Đã ghi sổ
UI_PAY_STEP_PREPARED = Đã lập
UI_PAY_STEP_WAITS_APPROVAL = Chờ người khác phê duyệt
UI_PAY_STEP_WAITS_POSTING = Chờ ghi sổ
UI_PAY_STEP_WITHDRAWN = Đã rút lại
UI_PAY_SUM = Tổng
UI_PAY_SUM_FAILS = Tổng không bằng quỹ thưởng
UI_PAY_SUM_HOLDS = Bằng quỹ thưởng, chính xác đến đơn vị tiền nhỏ nhất
UI_PAY_SUPERSEDED = Không còn được tính
UI_PAY_TEAM_FUND = Quỹ nhóm
UI_PAY_TIER = Bậc
UI_PAY_TIER_FROM = từ { $score } điểm
UI_PAY_TIER_QUOTA = { $quota } số người
UI_PAY_TO_CARD = Đến phiếu điểm
UI_PAY_TO_RECORDS = Đến bản ghi
UI_PAY_TO_SETTLEMENT = Quyết toán được đính chính
UI_PAY_UNIT_HIDDEN = Đơn vị bạn không được xem
UI_PAY_UNKNOWN_STEP = đó không phải là bước của trang này: hãy tải lại trang
UI_PAY_WEIGHT = Trọng số
UI_PAY_WEIGHT_OF = { $weight } trên { $sum }
UI_PAY_WHAT_WOULD_CHANGE = Điều sẽ thay đổi
UI_PAY_WHO = Ai
UI_PAY_WHOLE_GROUP = Cả tập đoàn
UI_PAY_WHY = Vì sao có chênh lệch
UI_PAY_WITHDRAW = Rút lại
UI_PAY_WITHDRAW_SAID = Bỏ bản nháp; tiền lương của mọi người không thay đổi.
UI_PAY_WOULD_CHANGE = { $people } người nhận số tiền khác: tăng { $more }, giảm { $less }. Chưa có gì được ghi.
UI_PAY_WRITTEN_AT = Lúc ghi
UI_PAY_YOU = bạn
UI_PAY_YOU_HAD_A_HAND = Bạn đã lập hoặc phê duyệt nên người khác phải ghi sổ (nguyên tắc bốn mắt).
UI_PAY_YOU_PREPARED = Bạn đã lập nên người khác phải phê duyệt (nguyên tắc bốn mắt).

## Console: audit

NAV_AUDIT_LOG = Nhật ký
NAV_AUDIT_EXPORTS = Giải trình
UI_AUDIT_BY_PERSON = Về một nhân viên
UI_AUDIT_BY_ACCOUNT = Do một tài khoản
UI_AUDIT_BY_THING = Về một đối tượng
UI_AUDIT_PERSON = Mã nhân viên, hoặc id của nhân viên
UI_AUDIT_THING = Về cái gì
UI_AUDIT_ID = Id
UI_AUDIT_FROM = Từ (ngày)
UI_AUDIT_TO = Đến (hết ngày)
UI_AUDIT_FOUND = Nội dung nhật ký
UI_AUDIT_ASK = Hãy hỏi về một nhân viên, một tài khoản hoặc một đối tượng: cả năm dịch vụ trả lời trong một danh sách, mới nhất trước.
UI_AUDIT_NOTHING = Trong những ngày này, nhật ký không ghi gì về điều này trong phạm vi bạn được đọc.
UI_AUDIT_NO_DAY = “{ $text }” không phải là ngày: hãy viết như 2026-03-31
UI_AUDIT_NOBODY = trong số người bạn được đọc, không ai có mã nhân viên “{ $text }”
UI_AUDIT_NO_ACCOUNT = trong các tài khoản bạn được đọc tên, không có tài khoản “{ $text }”: hãy viết id của tài khoản
UI_AUDIT_SILENT = Các dịch vụ này không trả lời nên ở đây thiếu mục của chúng. Hãy thử lại.
UI_AUDIT_NEWEST = Đến mục mới nhất
UI_AUDIT_OLDER = Các mục cũ hơn
UI_AUDIT_WHEN = Lúc nào
UI_AUDIT_WHO = Ai
UI_AUDIT_WHAT = Đã làm gì
UI_AUDIT_LOG_OF = Nhật ký của
UI_AUDIT_NOTES = Ghi chú
UI_AUDIT_ACTION = Hành động
UI_AUDIT_METHOD = Rpc
UI_AUDIT_POSITION = Vị trí trong chuỗi
UI_AUDIT_SERVICE = dịch vụ { $name }
UI_AUDIT_NOBODY_SIGNED_IN = người chưa đăng nhập
UI_AUDIT_EXPORTS_SAID = Từ toàn bộ đến từng bản ghi: các phiếu điểm của kỳ đánh giá, mỗi quyết toán với các dòng, mỗi bảng kê với bản ghi làm căn cứ. Mỗi danh sách đều tải xuống được đúng như đang hiển thị.
UI_AUDIT_NO_MONTHS = Chưa có kỳ đánh giá nào được công bố.
UI_AUDIT_A_CORRECTION = đính chính
UI_AUDIT_CARDS = Kỳ đánh giá và phiếu điểm
UI_AUDIT_LOG_OF_IT = Nhật ký
WORD_SERVICE_IDENTITY = định danh
WORD_SERVICE_ATTENDANCE = chấm công
WORD_SERVICE_PERFORMANCE = hiệu suất
WORD_SERVICE_COMPENSATION = lương thưởng
WORD_SERVICE_TALENT = nhân tài
WORD_THING_ACCOUNT = Tài khoản
WORD_THING_ALIAS = Biệt danh
WORD_THING_API_KEY = Khóa API
WORD_THING_ATTRIBUTION_RUN = Lượt ghi nhận
WORD_THING_BREAK_GLASS = Quyền khẩn cấp
WORD_THING_CARD = Phiếu điểm
WORD_THING_CATALOGUE = Danh mục
WORD_THING_CLAIM = Lượt tự nhận
WORD_THING_CORRECTION = Đính chính
WORD_THING_CYCLE = Kỳ đánh giá
WORD_THING_DATA_KEY = Khóa dữ liệu
WORD_THING_DELEGATION = Ủy quyền
WORD_THING_DEVICE = Thiết bị
WORD_THING_ERASURE = Yêu cầu xóa dữ liệu cá nhân
WORD_THING_EVENT = Sự kiện
WORD_THING_FINDING = Phát hiện
WORD_THING_GRANT = Lượt cấp quyền
WORD_THING_HANDOVER = Bàn giao
WORD_THING_HOLD = Lệnh lưu giữ pháp lý
WORD_THING_MEASURE = Số đo
WORD_THING_OBSERVATION = Số liệu quan sát
WORD_THING_ORG_UNIT = Đơn vị
WORD_THING_PAY_CORRECTION = Đính chính tiền lương
WORD_THING_PERSON = Nhân viên
WORD_THING_POOL = Quỹ thưởng
WORD_THING_PRINCIPAL = Chủ thể đăng nhập
WORD_THING_PUNCH = Lượt chấm công
WORD_THING_RATE = Tỷ giá
WORD_THING_RECORD = Bản ghi phục vụ
WORD_THING_REGION = Khu vực
WORD_THING_REPLIES = Tin nhắn
WORD_THING_RETENTION = Thời hạn lưu giữ
WORD_THING_ROLE = Vai trò
WORD_THING_ROSTER = Lịch phân ca
WORD_THING_ROW = Các dòng của danh sách
WORD_THING_SCHEDULE = Lịch chốt
WORD_THING_SCHEDULE_RUN = Lượt chạy của lịch chốt
WORD_THING_SCHEME = Phương án đánh giá
WORD_THING_SESSION = Phiên đăng nhập
WORD_THING_SETTLEMENT = Quyết toán
WORD_THING_SITE = Địa điểm
WORD_THING_SSO_PROVIDER = Nhà cung cấp đăng nhập một lần
WORD_THING_STATEMENT = Bảng kê
WORD_THING_SUBJECT = Nhật ký về một đối tượng
WORD_THING_TABLE = Bảng
WORD_THING_TENANT = Tập đoàn
WORD_THING_TRANSFER = Lượt chuyển giữa các khu vực
WORD_DID_ATTENDANCE_ACCOUNT_READ = Xem tài khoản
WORD_DID_ATTENDANCE_ACCOUNT_WRITE = Ghi tài khoản
WORD_DID_ATTENDANCE_ALIAS_READ = Xem biệt danh
WORD_DID_ATTENDANCE_ALIAS_WRITE = Ghi biệt danh
WORD_DID_ATTENDANCE_CORRECTION_APPROVE = Phê duyệt đính chính
WORD_DID_ATTENDANCE_CORRECTION_MAKE = Thực hiện đính chính
WORD_DID_ATTENDANCE_CORRECTION_READ = Xem đính chính
WORD_DID_ATTENDANCE_CORRECTION_REJECT = Từ chối đính chính
WORD_DID_ATTENDANCE_CORRECTION_REQUEST = Yêu cầu đính chính
WORD_DID_ATTENDANCE_CORRECTION_WITHDRAW = Rút lại đính chính
WORD_DID_ATTENDANCE_DEVICE_READ = Xem thiết bị
WORD_DID_ATTENDANCE_DEVICE_WRITE = Ghi thiết bị
WORD_DID_ATTENDANCE_HANDOVER_IMPORT = Nhập bàn giao
WORD_DID_ATTENDANCE_HANDOVER_READ = Xem bàn giao
WORD_DID_ATTENDANCE_HANDOVER_RECORD = Bàn giao tài khoản
WORD_DID_ATTENDANCE_OCCUPANCY_READ = Xem ai giữ tài khoản
WORD_DID_ATTENDANCE_PUNCH_IMPORT = Nhập lượt chấm công
WORD_DID_ATTENDANCE_PUNCH_READ = Xem lượt chấm công
WORD_DID_ATTENDANCE_PUNCH_RECORD = Chấm công
WORD_DID_ATTENDANCE_ROSTER_READ = Xem lịch phân ca
WORD_DID_ATTENDANCE_ROSTER_WRITE = Ghi lịch phân ca
WORD_DID_ATTENDANCE_SITE_WRITE = Ghi địa điểm
WORD_DID_COMPENSATION_CORRECTION_APPROVE = Phê duyệt đính chính tiền lương
WORD_DID_COMPENSATION_CORRECTION_DRAFT = Lập bản nháp đính chính tiền lương
WORD_DID_COMPENSATION_CORRECTION_WITHDRAW = Rút lại đính chính tiền lương
WORD_DID_COMPENSATION_POOL_CREATE = Tạo quỹ thưởng
WORD_DID_COMPENSATION_POOL_READ = Xem quỹ thưởng
WORD_DID_COMPENSATION_SETTLEMENT_APPROVE = Phê duyệt quyết toán
WORD_DID_COMPENSATION_SETTLEMENT_DISCARD = Hủy bỏ quyết toán
WORD_DID_COMPENSATION_SETTLEMENT_DRAFT = Lập bản nháp quyết toán
WORD_DID_COMPENSATION_SETTLEMENT_POST = Ghi sổ quyết toán
WORD_DID_COMPENSATION_SETTLEMENT_READ = Xem quyết toán
WORD_DID_COMPENSATION_STATEMENT_READ = Xem bảng kê
WORD_DID_COMPENSATION_STATEMENT_READ_PAY = Xem tiền lương
WORD_DID_IDENTITY_API_KEY_CREATE = Tạo khóa API
WORD_DID_IDENTITY_API_KEY_EXCHANGE = Đăng nhập bằng khóa API
WORD_DID_IDENTITY_API_KEY_REVOKE = Thu hồi khóa API
WORD_DID_IDENTITY_BREAK_GLASS_END = Kết thúc quyền khẩn cấp
WORD_DID_IDENTITY_BREAK_GLASS_OPEN = Mở quyền khẩn cấp
WORD_DID_IDENTITY_BREAK_GLASS_REFUSE = Bị từ chối quyền khẩn cấp
WORD_DID_IDENTITY_BREAK_GLASS_REVIEW = Rà soát quyền khẩn cấp
WORD_DID_IDENTITY_CATALOGUE_IMPORT = Nhập danh mục
WORD_DID_IDENTITY_DELEGATION_END = Kết thúc ủy quyền
WORD_DID_IDENTITY_DELEGATION_WRITE = Ủy quyền
WORD_DID_IDENTITY_EMPLOYMENT_END = Kết thúc kỳ làm việc
WORD_DID_IDENTITY_ENTITLEMENT_WRITE = Thay đổi mô-đun của tập đoàn
WORD_DID_IDENTITY_ERASURE_APPROVE = Phê duyệt yêu cầu xóa dữ liệu
WORD_DID_IDENTITY_ERASURE_REJECT = Từ chối yêu cầu xóa dữ liệu
WORD_DID_IDENTITY_ERASURE_REQUEST = Yêu cầu xóa dữ liệu
WORD_DID_IDENTITY_ERASURE_WITHDRAW = Rút lại yêu cầu xóa dữ liệu
WORD_DID_IDENTITY_GRANT_READ = Xem ai có quyền gì
WORD_DID_IDENTITY_GRANT_REVOKE = Thu hồi vai trò
WORD_DID_IDENTITY_GRANT_WRITE = Cấp vai trò
WORD_DID_IDENTITY_HOLD_LIFT = Gỡ bỏ lệnh lưu giữ pháp lý
WORD_DID_IDENTITY_HOLD_SET = Đặt lệnh lưu giữ pháp lý
WORD_DID_IDENTITY_LOGIN_CREATE = Tạo tài khoản đăng nhập
WORD_DID_IDENTITY_ORG_CLOSE = Giải thể đơn vị
WORD_DID_IDENTITY_ORG_IMPORT = Nhập đơn vị
WORD_DID_IDENTITY_ORG_MERGE = Sáp nhập đơn vị
WORD_DID_IDENTITY_PASSWORD_CHANGE = Đổi mật khẩu của mình
WORD_DID_IDENTITY_PASSWORD_RESET = Đặt lại mật khẩu
WORD_DID_IDENTITY_PERSON_EXPORT = Xuất dữ liệu về một nhân viên
WORD_DID_IDENTITY_PERSON_IMPORT = Nhập nhân viên
WORD_DID_IDENTITY_PERSON_READ = Xem nhân viên
WORD_DID_IDENTITY_PERSON_READ_PII = Xem danh tính nhân viên
WORD_DID_IDENTITY_PERSON_RECTIFY = Sửa danh tính nhân viên
WORD_DID_IDENTITY_RATE_SET = Ghi tỷ giá
WORD_DID_IDENTITY_REPORTING_SET = Đặt tuyến báo cáo
WORD_DID_IDENTITY_REPORTING_END = Kết thúc tuyến báo cáo
WORD_DID_IDENTITY_RETENTION_SET = Đặt thời hạn lưu giữ
WORD_DID_IDENTITY_ROLE_DEFINE = Định nghĩa vai trò
WORD_DID_IDENTITY_ROLE_RETIRE = Ngừng sử dụng vai trò
WORD_DID_IDENTITY_SECOND_FACTOR_BEGIN = Bắt đầu yếu tố xác thực thứ hai
WORD_DID_IDENTITY_SECOND_FACTOR_CONFIRM = Xác nhận yếu tố xác thực thứ hai
WORD_DID_IDENTITY_SECOND_FACTOR_REMOVE = Gỡ bỏ yếu tố xác thực thứ hai
WORD_DID_IDENTITY_SERVICE_ACCOUNT_CREATE = Tạo tài khoản dịch vụ
WORD_DID_IDENTITY_SESSION_END = Kết thúc phiên đăng nhập
WORD_DID_IDENTITY_SESSION_END_ALL = Kết thúc mọi phiên đăng nhập
WORD_DID_IDENTITY_SESSION_REFRESH = Tiếp tục phiên đăng nhập
WORD_DID_IDENTITY_SESSION_SIGN_IN = Đăng nhập
WORD_DID_IDENTITY_SSO_PUT = Tin cậy nhà cung cấp đăng nhập một lần
WORD_DID_IDENTITY_SSO_REMOVE = Gỡ bỏ nhà cung cấp đăng nhập một lần
WORD_DID_IDENTITY_TENANT_INIT = Lập tập đoàn
WORD_DID_PERFORMANCE_CARD_READ = Xem phiếu điểm
WORD_DID_PERFORMANCE_CLAIM_MAKE = Tự nhận hội thoại
WORD_DID_PERFORMANCE_CLAIM_WITHDRAW = Rút lại lượt tự nhận
WORD_DID_PERFORMANCE_CREDIT_READ = Xem phần ghi nhận
WORD_DID_PERFORMANCE_CREDIT_EXPORT = Xuất phần ghi nhận
WORD_DID_PERFORMANCE_CYCLE_CANCEL = Dừng chốt kỳ đánh giá
WORD_DID_PERFORMANCE_CYCLE_CLOSE = Bắt đầu chốt kỳ đánh giá
WORD_DID_PERFORMANCE_CYCLE_FAIL = Không chốt được kỳ đánh giá
WORD_DID_PERFORMANCE_CYCLE_PROGRESS = Tiếp tục chốt kỳ đánh giá
WORD_DID_PERFORMANCE_CYCLE_PUBLISH = Công bố kỳ đánh giá
WORD_DID_PERFORMANCE_CYCLE_READ = Xem kỳ đánh giá
WORD_DID_PERFORMANCE_CYCLE_SCORE = Chấm điểm kỳ đánh giá
WORD_DID_PERFORMANCE_CYCLE_WRITE = Ghi kỳ đánh giá
WORD_DID_PERFORMANCE_FINDING_APPLY_FIX = Áp dụng cách sửa của phát hiện
WORD_DID_PERFORMANCE_OBSERVATION_IMPORT = Nhập số liệu quan sát
WORD_DID_PERFORMANCE_OBSERVATION_READ = Xem số liệu quan sát
WORD_DID_PERFORMANCE_OBSERVATION_WITHDRAW = Thu hồi số liệu quan sát
WORD_DID_PERFORMANCE_RECORD_IMPORT = Nhập bản ghi
WORD_DID_PERFORMANCE_RECORD_MOVE = Chuyển bản ghi
WORD_DID_PERFORMANCE_RECORD_READ = Xem bản ghi
WORD_DID_PERFORMANCE_RECORD_WITHDRAW = Thu hồi bản ghi
WORD_DID_PERFORMANCE_REPLY_IMPORT = Nhập tin nhắn
WORD_DID_PERFORMANCE_RUN_ATTRIBUTE = Ghi nhận bản ghi
WORD_DID_PERFORMANCE_RUN_COLLECT = Thu thập dữ liệu cho lượt ghi nhận
WORD_DID_PERFORMANCE_RUN_PROGRESS = Tiếp tục lượt ghi nhận
WORD_DID_PERFORMANCE_CLAIM_IMPORT = Nhập các lượt tự nhận
WORD_DID_PERFORMANCE_RUN_START = Bắt đầu lượt ghi nhận
WORD_DID_PERFORMANCE_SCHEME_EXPORT = Xuất phương án đánh giá
WORD_DID_PERFORMANCE_SCHEME_IMPORT = Nhập phương án đánh giá
WORD_DID_PERFORMANCE_SCHEME_WITHDRAW = Ngừng sử dụng phương án đánh giá
WORD_DID_PERFORMANCE_SCHEME_WRITE = Ghi phương án đánh giá
WORD_DID_PERFORMANCE_TRANSFER_APPROVE = Phê duyệt lượt chuyển giữa các khu vực
WORD_DID_PERFORMANCE_TRANSFER_PREPARE = Chuẩn bị lượt chuyển giữa các khu vực
WORD_DID_PERFORMANCE_TRANSFER_RELEASE = Phát hành lượt chuyển giữa các khu vực
WORD_DID_SUITE_AUDIT_SEARCH = Tìm trong nhật ký
WORD_DID_SUITE_PERSON_ERASE = Xóa dữ liệu của một nhân viên
WORD_DID_SUITE_PERSON_EXPORT = Xuất dữ liệu về một nhân viên
WORD_DID_SUITE_RETENTION_RUN = Xóa dữ liệu hết thời hạn lưu giữ
WORD_DID_SUITE_TENANT_EXPORT = Xuất toàn bộ dữ liệu của tập đoàn
WORD_DID_TALENT_EVIDENCE_READ = Xem căn cứ
WORD_DID_TALENT_EVIDENCE_RECORD = Ghi căn cứ
WORD_DID_TALENT_PROFILE_READ = Xem hồ sơ năng lực

## Console: platform


## Console: checks and replays, holds, retention, erasure and schedules

REPLAY_ACCOUNT_FIGURES = số liệu của tài khoản không bằng tổng các phần ghi nhận của nó
REPLAY_ADJUSTMENTS_OTHER = số tiền đính chính được chi hoặc bị giữ lại khác đi
REPLAY_AMOUNT_OTHER = điểm hoặc số tiền khác đi
REPLAY_CREDITED = { $records } bản ghi được ghi nhận
REPLAY_DIGEST_OTHER = mã băm của kỳ đánh giá không phải của dữ liệu vào và kết quả của kỳ
REPLAY_FIGURES = { $records } bản ghi, trong đó { $unattributed } không ghi nhận cho ai; { $credited } ghi nhận cho người thuộc kỳ đánh giá; { $people } phiếu điểm
REPLAY_FIGURES_OTHER = số liệu của kỳ đánh giá không bằng tổng các phần ghi nhận và phiếu điểm của kỳ
REPLAY_LINE_OTHER = các bước dẫn đến số tiền khác đi
REPLAY_NOT_DERIVED = có lưu, nhưng không gì dẫn đến nó
REPLAY_NOT_STORED = được suy ra từ dữ liệu vào, nhưng không được lưu
REPLAY_REASON_OTHER = cùng người và cùng phần, nhưng căn cứ khác
REPLAY_STATEMENT = { $amount } với điểm { $score }
    .alone = không có phần nào của quỹ thưởng
    .adjusted = { $line }, và { $adjusted } đính chính
REPLAY_SUMS = tổng cộng { $pool }: { $paid } cho nhân viên, { $funds } cho quỹ; { $adjusted } đính chính; { $people } bảng kê
REPLAY_SUMS_OTHER = các tổng của quyết toán không phải của các bảng kê trong đó
REPLAY_SUM_OTHER = tổng các phần theo từng số đo khác đi
REPLAY_UNREADABLE = không đọc được nội dung đã lưu: đó không phải là thứ đã được ghi
NAV_AUDIT_CHAIN = Kiểm tra nhật ký
NAV_AUDIT_REPLAY = Tính lại đối chiếu
UI_CHAIN_SAID = Mỗi dịch vụ giữ một nhật ký về những gì đã làm và đã xem trong tập đoàn. Mỗi mục nối với mục trước, mục mới nhất được ký, và mỗi dòng nêu mục đã ghi nó. Khi kiểm tra, tất cả được đọc lại: những gì đã bị sửa, chèn hoặc xóa ở giữa đều được tìm ra và nêu rõ.
UI_CHAIN_SERVICE = Nhật ký nào
UI_CHAIN_ALL = Tất cả
UI_CHAIN_CHECK = Kiểm tra
UI_CHAIN_CHECKING = Đang đọc nhật ký
UI_CHAIN_RESULT = Kết quả kiểm tra
UI_CHAIN_CHECKED = Đã kiểm tra { $count } mục
UI_CHAIN_WHOLE = Nguyên vẹn
UI_CHAIN_BROKEN = Không nguyên vẹn
UI_CHAIN_UNKNOWN = Chưa rõ
UI_CHAIN_HOLDS = { $entries } mục và { $rows } dòng vẫn đúng như lúc ghi.
UI_CHAIN_FAILS = Đã đọc { $entries } mục và { $rows } dòng. Những chỗ sau không đúng như lúc ghi, mỗi chuỗi và mỗi bảng nêu chỗ đầu tiên:
UI_CHAIN_EMPTY = Nhật ký này chưa có mục nào.
UI_CHAIN_FROM = Mục đầu tiên
UI_CHAIN_TO = Mục cuối cùng
UI_CHAIN_OUTSIDE = Người vận hành Tally còn có thể đối chiếu nhật ký với các đầu chuỗi đã ký được giữ ở nơi khác, bằng tally audit verify: cách này phát hiện được cả khi toàn bộ cơ sở dữ liệu bị thay bằng bản cũ.
UI_REPLAY_SAID = Kết quả của một tháng đã chốt được suy ra từ những gì tạo nên nó: thông tin và bản ghi khi đó, cùng phiên bản của chính sách và phương án đánh giá. Tính lại đối chiếu tính lại kết quả và so với những gì đã lưu. Không có gì bị thay đổi.
UI_REPLAY_WHAT = Kỳ đánh giá hoặc quyết toán nào
UI_REPLAY_CYCLES = Kỳ đánh giá
UI_REPLAY_SETTLEMENTS = Quyết toán
UI_REPLAY_RUN = Tính lại đối chiếu
UI_REPLAY_NONE = Chưa có kỳ đánh giá nào đã chốt mà bạn được xem. Khi có kỳ được chốt, có thể tính lại đối chiếu ở đây.
UI_REPLAY_RUNNING = Đang tính lại
UI_REPLAY_RESULT = Kết quả đối chiếu
UI_REPLAY_SAME = Giống hệt
UI_REPLAY_DIFFERENT = Khác
UI_REPLAY_CYCLE_SAME = Đã tính lại { $credits } phần ghi nhận và { $cards } phiếu điểm. Những gì đã lưu giống hệt, chính xác đến phần triệu.
UI_REPLAY_CYCLE_DIFFERENT = Đã tính lại { $credits } phần ghi nhận và { $cards } phiếu điểm. Có { $differing } chỗ khác với những gì đã lưu.
UI_REPLAY_PAY_SAME = Đã tính lại { $statements } bảng kê. Những gì đã lưu giống hệt, chính xác đến đơn vị tiền nhỏ nhất.
UI_REPLAY_PAY_DIFFERENT = Đã tính lại { $statements } bảng kê. Có { $differing } chỗ khác với những gì đã lưu.
UI_REPLAY_DIGESTS = Mã băm
UI_REPLAY_DIGEST = Dữ liệu vào và kết quả
UI_REPLAY_DIGEST_CREDITS = Phần ghi nhận
UI_REPLAY_DIGEST_INPUTS = Dữ liệu vào
UI_REPLAY_THEN = Khi đó
UI_REPLAY_NOW = Hiện nay
UI_REPLAY_FIRST = Đây là { $count } chỗ đầu tiên.
UI_REPLAY_RENAMED = Mã băm khác dù kết quả giống hệt: có thứ nay mang tên khác, chẳng hạn một người đã bị xóa dữ liệu, hoặc cơ sở dữ liệu múi giờ thuộc phiên bản khác.
UI_REPLAY_WHERE = Ở đâu
UI_REPLAY_STORED = Đã lưu
UI_REPLAY_DERIVED = Tính lại
UI_REPLAY_WHY = Khác ở điểm nào
UI_REPLAY_OF_CREDIT = Phần ghi nhận của { $record } trên { $account }
UI_REPLAY_OF_ACCOUNT = Tài khoản { $account }
UI_REPLAY_OF_SUM = Tổng của { $person }
UI_REPLAY_OF_CARD = Phiếu điểm của { $person }
UI_REPLAY_OF_CYCLE = Kỳ đánh giá
UI_REPLAY_OF_STATEMENT = Bảng kê của { $person }
UI_REPLAY_OF_SETTLEMENT = Quyết toán
UI_REPLAY_MASKED = Nội dung đã lưu và nội dung tính lại chỉ hiển thị cho người được xem phiếu điểm và tiền lương.
UI_REPLAY_BROKE = Không thể thực hiện đến cùng.
WORD_DID_COMPENSATION_SETTLEMENT_REPLAY = Tính lại đối chiếu quyết toán
WORD_DID_PERFORMANCE_CYCLE_REPLAY = Tính lại đối chiếu kỳ đánh giá
WORD_DID_SUITE_AUDIT_VERIFY = Kiểm tra nhật ký
NAV_SCHEDULES = Lịch chốt
NAV_HOLDS = Lệnh lưu giữ pháp lý
NAV_RETENTION = Thời hạn lưu giữ
NAV_ERASURES = Xóa dữ liệu cá nhân
UI_HOLD_ON = Đối tượng lưu giữ
UI_HOLD_BY = Người đặt
UI_HOLD_STANDS = Đang có hiệu lực
UI_HOLD_LIFTED = Gỡ bỏ lúc { $at }: { $reason }
UI_NO_HOLDS = Không có lệnh lưu giữ pháp lý nào.
UI_NEW_HOLD = Đặt lệnh lưu giữ pháp lý
UI_HOLDS_SAID = Dữ liệu thuộc lệnh lưu giữ pháp lý không bị xóa ở bất kỳ dịch vụ nào, kể cả khi đã hết thời hạn.
UI_HOLD_ALL_HINT = Để trống nếu lưu giữ toàn bộ tập đoàn.
UI_LIFT_HOLD = Gỡ bỏ lệnh lưu giữ
UI_LIFT_SAID = { $of } đang thuộc lệnh lưu giữ pháp lý ({ $reason }). Sau khi gỡ bỏ, những gì đã hết thời hạn có thể bị xóa vĩnh viễn.
UI_NAME_NOBODY = Ví dụ số vụ việc. Đừng nêu tên ai: nội dung này được lưu giữ lâu hơn dữ liệu cá nhân.
UI_MONTHS_KEPT = Số tháng lưu giữ
UI_MONTHS_BOUNDS = Giới hạn
UI_MONTHS_WITHIN = { $least } đến { $most }; { $usual } nếu không đặt
UI_COUNTED_FROM = Tính từ
UI_WHY_KEPT = Lý do lưu giữ
UI_RETENTION_SAID = Thời hạn lưu giữ từng loại dữ liệu ở mọi dịch vụ. Những gì đã hết thời hạn bị xóa trong lượt dọn dẹp do người vận hành cho chạy.
UI_RETENTION_SHORTER = Nếu đặt ít tháng hơn, lượt dọn dẹp tiếp theo sẽ xóa vĩnh viễn những gì đến lúc đó đã hết thời hạn.
UI_NUMBER_WANTED = Hãy viết số nguyên.
UI_ERASURE_WAITS = Chờ phê duyệt
UI_ERASURE_UNDER_WAY = Đang xử lý
UI_ERASURE_COMPLETED = Đã xóa ở mọi nơi
UI_ERASURE_DROPPED = Không thực hiện
UI_WHY_DROPPED = Lý do không thực hiện
UI_NO_ERASURES = Chưa có yêu cầu xóa dữ liệu nào.
UI_NEW_ERASURE = Yêu cầu xóa dữ liệu
UI_ERASURES_SAID = Dữ liệu của người đã nghỉ việc bị xóa khi một người yêu cầu và người khác phê duyệt. Kết quả dùng để trả lương cho người khác được giữ lại, không kèm tên.
UI_APPROVE_ERASURE = Phê duyệt và xóa
UI_APPROVE_ERASURE_SAID = Dữ liệu của { $name } sẽ bị xóa ở mọi dịch vụ. Không thể hoàn tác.
UI_REJECT_ERASURE = Từ chối
UI_WITHDRAW_ERASURE = Rút lại
UI_WHAT_SERVICES_DID = Việc từng dịch vụ đã làm
UI_ROWS_ERASED = dòng đã xóa
UI_NEXT_CLOSING = Lần chốt tiếp theo
UI_LAST_RUN_FAILED = Lượt chạy gần nhất thất bại
UI_RUNS_BY_ITSELF = Tự động chạy
UI_NO_SCHEDULES = Chưa có lịch chốt nào.
UI_SCHEDULES_SAID = Các tháng được chốt tự động. Không có gì được công bố tự động. Lịch chốt được lập qua rpc (CreateSchedule).
UI_CLOSES = Chốt
UI_CLOSES_ON = ngày { $day } của tháng sau, { $time } ({ $zone })
UI_LOOKS_FIRST = Xem trước
UI_WAITS_MINUTES = và chốt sau { $minutes } phút nếu không ai dừng
UI_WAS_DUE = Đến hạn
UI_GOES_ON = Tiếp tục lúc
UI_STOP_RUN = Dừng lượt chạy này
UI_BEGIN_MONTH = Bắt đầu tháng bằng tay
UI_BEGIN_SAID = Dành cho tháng đã kết thúc mà chưa được bắt đầu, hoặc có lượt chạy thất bại hay bị dừng.
UI_MONTH = Tháng
UI_MONTH_HINT = Ví dụ 2026-03.
UI_SCHEDULE_RUNS = Lượt chạy
UI_NO_RUN_YET = Chưa có lượt chạy nào.
WORD_SCHEDULE_RUN_STATE_LOOKING = Đang xem trước
WORD_SCHEDULE_RUN_STATE_WAITING = Chờ chốt
WORD_SCHEDULE_RUN_STATE_CLOSING = Đang chốt
WORD_SCHEDULE_RUN_STATE_DONE = Đã chốt
WORD_SCHEDULE_RUN_STATE_FAILED = Không thành công
WORD_SCHEDULE_RUN_STATE_STOPPED = Đã dừng
DONE_HOLD_SET = Đã đặt lệnh lưu giữ pháp lý.
DONE_HOLD_LIFTED = Đã gỡ bỏ lệnh lưu giữ pháp lý.
DONE_RETENTION_SET = Đã lưu số tháng.
DONE_ERASURE_ASKED = Đã yêu cầu. Người khác sẽ phê duyệt.
DONE_ERASURE_APPROVED = Đã phê duyệt; các dịch vụ đang xóa.
DONE_ERASURE_REJECTED = Đã từ chối.
DONE_ERASURE_WITHDRAWN = Đã rút lại.
DONE_SCHEDULE_RUN_STOPPED = Đã dừng lượt chạy.
DONE_SCHEDULE_RUN_BEGUN = Đã bắt đầu tháng.
