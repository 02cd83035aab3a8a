### Tallyの日本語の文です。識別子と引数はen.ftlと同じで、1つの言語が1つのファイルです。


## Parts

LIST_SEPARATOR = ；
REFUSED_BECAUSE = { $kind }（{ $told }）
KIND_INVALID_ARGUMENT = リクエストに誤りがあります。修正してください
KIND_NOT_FOUND = 閲覧できる対象が見つかりません
KIND_ALREADY_EXISTS = すでに存在します
KIND_ABORTED = ほかの人が変更しました。もう一度読み込んでください
KIND_FAILED_PRECONDITION = 現在の状態ではこの操作を行えません
KIND_PERMISSION_DENIED = この操作を行う権限がありません
KIND_UNAUTHENTICATED = 先にログインしてください
KIND_RESOURCE_EXHAUSTED = 一度に処理できる量を超えています。しばらくしてからもう一度お試しください
KIND_UNAVAILABLE = サービスを利用できません。しばらくしてからもう一度お試しください
KIND_DEADLINE_EXCEEDED = 時間切れになりました
KIND_CANCELLED = 呼び出しは中止されました
KIND_UNIMPLEMENTED = このアドレスではその機能を提供していません

## Kinds of things

RESOURCE_ACCOUNT = アカウント
RESOURCE_ALIAS = 別名
RESOURCE_API_KEY = APIキー
RESOURCE_CARD_OF_PERSON = スコアカード（人）
RESOURCE_COMPONENT = アカウント群
RESOURCE_CORRECTION = 訂正
RESOURCE_CYCLE = 評価サイクル
RESOURCE_DEVICE = 端末
RESOURCE_DELEGATION = 委任
RESOURCE_EMERGENCY = 緊急アクセス
RESOURCE_EMPLOYMENT = 在籍
RESOURCE_ERASURE = 個人データの消去
RESOURCE_FINDING = 検出事項
RESOURCE_GRANT = 権限付与
RESOURCE_HANDOVER = 引き継ぎ
RESOURCE_HOLD = 法的保全
RESOURCE_LEAVE = 休暇
RESOURCE_LOGIN = ログインアカウント
RESOURCE_ATTRIBUTION_RUN = 帰属計算
RESOURCE_ORG_UNIT = 組織
RESOURCE_PAGE = ページ
RESOURCE_PERSON = 人
RESOURCE_POOL = 賞与原資
RESOURCE_POSITION = 役職
RESOURCE_PRINCIPAL = プリンシパル
RESOURCE_PROFILE_OF_PERSON = タレントプロファイル（人）
RESOURCE_PROVIDER = IDプロバイダー
RESOURCE_PUNCH = 打刻
RESOURCE_RECORD = 記録
RESOURCE_MEASURE = 測定値
RESOURCE_CLAIM = 担当申告
RESOURCE_OBSERVATION = 観測値
RESOURCE_REPORTING_LINE = レポートライン
RESOURCE_SCHEDULE = 定期締め
RESOURCE_ROLE = ロール
RESOURCE_RUN_OF_A_SCHEDULE = 定期締めの実行
RESOURCE_SCHEME = 評価制度
RESOURCE_SCHEME_VERSION = 評価制度のバージョン
RESOURCE_SERVICE_ACCOUNT = サービスアカウント
RESOURCE_SESSION = セッション
RESOURCE_SETTLEMENT = 精算
RESOURCE_SHIFT = シフト
RESOURCE_STATEMENT_OF_PERSON = 支給明細（人）
RESOURCE_TRANSFER = リージョン間転送
RESOURCE_UPLOAD = アップロード

## Every service

INTERNAL = システム側で問題が発生しました。詳細は運用担当者のログにあります
INTERNAL_DETAILS = 調査用の詳細：{ $details }
NOT_FOUND = 閲覧できる{ $resource }「{ $id }」が見つかりません
    .unit_on = 基準日の{ $day }に、閲覧できる組織{ $id }はありません。それ以前に廃止された、以後に始まる、または存在しなかった組織です（ListOrgUnitsにas_ofを指定すると、その日の組織を確認できます）
    .goes_on = 組織{ $id }は基準日の{ $day }より前に廃止され、所属者は{ $into }に移りました。移動先の組織を指定してください
    .id_number = この本人確認番号を持つ、閲覧できる人が見つかりません
    .removed = { $missing }。{ $day }より前のものであれば、保存期間の満了により削除された可能性があります
INVALID_REQUEST = { $count }件の項目に誤りがあります。詳細に項目ごとの内容があります
INVALID_FIELD = { $field }：{ $problem }
LIST_EMPTY = 1つ以上指定してください
NAME_ONE_OF = { $fields }のうち1つだけを指定してください
CHANGE_MISSING = 何を変更するかを指定してください
DATE_EXPECTED = 日付を指定してください：YYYY-MM-DD
    .month = 月を指定してください：YYYY-MM
TEXT_EMPTY = 空にはできません
TEXT_TOO_LONG = { $max }文字以内で入力してください
ID_MALFORMED = UUIDを指定してください
DATE_MALFORMED = { $field }：YYYY-MM-DDの形式で入力してください
    .text = 「{ $text }」は日付ではありません。YYYY-MM-DDの形式で入力してください
DATES_BACKWARDS = { $last }は{ $first }より前の日付です
INSTANT_INVALID = 西暦1年から9999年までの日時を指定してください
TEXT_UNUSABLE = { $field }：1～{ $max }文字で入力してください
ROWS_TOO_MANY = 1回の呼び出しで送れるのは{ $max }行までですが、{ $count }行あります。複数回に分けて送ってください
ROWS_MISSING = 行がありません。1行以上送ってください
NOTHING_CHANGES = すでにその状態です
    .fix = すでに修正されており、この検出事項は修正前のものです。評価サイクルをもう一度締めるか（CloseCycle。公開済みの場合はCorrectCycle）、帰属計算を新たに実行して、検出事項を確認してください
PAGE_TOKEN_INVALID = このページトークンは、この一覧のものではありません。トークンなしで最初からやり直してください

## Numbers, money, time

DECIMAL_MALFORMED = 「{ $text }」は小数点以下6桁までの数値ではありません
SHARE_OUT_OF_RANGE = 配分は100万分の0～1000000で指定します。{ $ppm }は指定できません
CURRENCY_UNKNOWN = 「{ $text }」は有効なISO 4217コードではありません。CNYのように英大文字3文字で入力してください
AMOUNT_MALFORMED = 「{ $text }」は金額ではありません。1234.50のように、数字と1つまでの小数点だけで入力してください。桁区切りや通貨記号は付けません
AMOUNT_TOO_FINE = 「{ $text }」は{ $currency }で使える桁数を超えています。小数点以下は{ $digits }桁までです
AMOUNT_TOO_LARGE = 金額が大きすぎます
CURRENCY_MISMATCH = { $one }と{ $other }は合計できません。先にどちらかを換算してください
    .pool = 賞与原資の通貨は{ $pool }、ほかの金額の通貨は{ $other }です。1つの精算で使える通貨は1つです
RATE_MALFORMED = 「{ $text }」は為替レートではありません。7.1234のように、数字と1つまでの小数点だけで入力してください。小数点以下は12桁まで、全体で18桁までです
RATE_NOT_POSITIVE = 為替レートは0より大きい値です。最初の通貨の1単位が、次の通貨でいくらになるかを入力してください
RATE_MISSING = { $day }の{ $from }から{ $to }への為替レートがありません。その日以前から有効なレートをSetRatesで登録してから、もう一度実行してください
SPLIT_WITHOUT_PEOPLE = 配分する対象者がいません
SPLIT_WITHOUT_WEIGHT = ウェイトがすべて0のため、配分の基準がありません
SPLIT_DUPLICATE_ID = 同じIDが2回あります
SPLIT_WEIGHTS_TOO_LARGE = ウェイトが大きすぎて正確に計算できません。すべてのウェイトを同じ数で割ってください
ZONE_UNKNOWN = 「{ $zone }」はIANAのタイムゾーンではありません。Asia/Shanghaiのような名前を入力してください
TIME_MALFORMED = 「{ $text }」は時刻ではありません。2026-03-02T08:00:00+08:00、現地時刻なら2026-03-02 08:00:00のように入力してください
TIME_IN_GAP = { $zone }に{ $local }は存在しません。時計が進められて飛ばされた時刻です
TIME_OUT_OF_RANGE = 日付が範囲外です
PERIOD_BACKWARDS = 期間の終わり{ $to }が、始まり{ $from }より前です

## Sign-in

TOKEN_MISSING = 先にログインしてください。ベアラートークンが送られていません
UNAUTHENTICATED = 先にログインしてください
TOKEN_INVALID = このトークンはここでは無効です。もう一度ログインしてください
TOKEN_EXPIRED = トークンの有効期限が切れました。もう一度ログインしてください
KEY_NOT_KNOWN_YET = このトークンの鍵はまだここに届いていません。しばらくしてからもう一度お試しください
CLOCKS_DIFFER = システム内の時計がずれています。しばらくしてからもう一度お試しください
TOKEN_OF_ANOTHER_REGION = このトークンはほかのリージョンの環境で発行されました。ここでログインしてください
SESSION_ENDED = このセッションは終了しました。もう一度ログインしてください
SIGN_IN_REFUSED = ログイン名、パスワード、またはコードが正しくありません。5回間違えた場合は、最長15分お待ちください
SECOND_FACTOR_NEEDED = 認証アプリに表示されたコード、または回復コードを送ってください
SECOND_FACTOR_WRONG = コードが正しくないか、使用済みです。次のコードを待ち、時計が正しいことを確認してください
PASSWORD_MUST_CHANGE = このパスワードは1回のログイン専用です。新しいパスワードをnew_passwordとして一緒に送ってください
PASSWORD_WEAK = 推測されやすいパスワードです。互いに関係のない4つの単語を使ってください
    .why = 推測されやすいパスワードです（{ $why }）。互いに関係のない4つの単語を使ってください
WEAK_BY_KEYBOARD = 隣り合うキーの並びは最初に推測されます
WEAK_BY_REPEATS = 繰り返しても推測されにくくはなりません
WEAK_BY_FAME = 最もよく使われるパスワードの1つか、それに似ています
WEAK_BY_SEQUENCE = abcや6543のような連続した文字は最初に推測されます
WEAK_BY_DATE = 年や日付は最初に推測されます
WEAK_BY_WORD = 1つだけの単語や名前は最初に推測されます
PASSWORD_UNUSABLE = 12～256文字で入力してください
LOGIN_MALFORMED = 英字、数字、. _ - @ + を使って、2～100文字で入力してください
LOGIN_TAKEN = このログイン名はすでに使われています
PERSON_HAS_LOGIN = この人にはすでにログインアカウントがあります。1人に1つです
REFRESH_REFUSED = そのセッションは存在しないか、終了しています。もう一度ログインしてください
REFRESH_REUSED = この更新トークンは使用済みのため、安全のためにセッションを終了しました。もう一度ログインしてください
NO_PASSWORD = このプリンシパルはパスワードを使わずにログインします
RESET_ONESELF = 自分のパスワードは、現在のパスワードを使って変更します：ChangePassword
LOGIN_HOLDS_MORE = このアカウントには{ $permission }がありますが、あなたはこの権限を付与できません。付与できる人に依頼してください
SECOND_FACTOR_ALREADY_EXISTS = 二要素認証はすでに設定されています。先に解除してください
SECOND_FACTOR_MISSING = 二要素認証が設定されていません。EnrollTotpから始めてください
API_KEY_REFUSED = そのキーは存在しないか、失効しています。新しいキーを作成してください
TOO_MANY_KEYS = 1つのアカウントで使える有効なキーは{ $max }個までです。先に1つ失効させてください
KEY_LIFE_UNUSABLE = expires_at：{ $days }日以内の将来の日時を指定してください
PROVIDER_UNKNOWN = この名前のIDプロバイダーはありません
PROVIDER_MALFORMED = a-z、0-9、- を使って、2～50文字で入力してください
PROVIDER_NAME_TAKEN = ほかのグループがこの名前のIDプロバイダーを使っています。別の名前にしてください
ADDRESS_MALFORMED = https:// で始まるアドレスを入力してください（ループバックではhttp:// も可）。# とユーザー名は含められません
SSO_PROVIDER_AWAY = IDプロバイダーに接続できないか、正しい応答がありません。しばらくしてからもう一度お試しください
SSO_STATE_REFUSED = このログインは期限切れか、別の場所で開始されたものです。最初からやり直してください
SSO_REFUSED = IDプロバイダーの証明を受け入れられませんでした。最初からやり直してください
SSO_LOGIN_UNKNOWN = IDプロバイダーでは確認できましたが、こちらにあなたのログインアカウントがありません。管理者に依頼してください
EMPLOYMENT_ENDED = 本日は在籍していません。グループの人事データの担当者に確認してください
MODULE_NOT_ENTITLED = グループはモジュール{ $module }を利用していません。システムの運用担当者に確認してください
TENANT_SUSPENDED = グループは利用停止中です。運用担当者が再開できます
REGION_NOT_SERVED = リージョン{ $region }のデータはそのリージョンの環境にあります。この呼び出しはそちらに送ってください（この環境が扱うリージョン：{ $served }）
    .file = このファイルはリージョン{ $region }宛てです。そちらで取り込んでください
FIELD_NOT_READABLE = { $field }：この項目で検索するには{ $permission }が必要ですが、あなたの権限付与にはありません
PERMISSION_DENIED = この操作を行う権限がありません。権限付与を依頼してください
    .at_all = あなたの権限付与に{ $permission }がありません
    .here = あなたの権限付与に{ $permission }はありますが、ここは対象外です
    .group = あなたの権限付与の{ $permission }は組織に限られ、組織を指定しないものはグループ全体の扱いになります。組織を指定できる呼び出しでは自分の組織を指定し、できない場合はグループへの権限付与を依頼してください
    .signed_in = ログインした人だけが利用できます
    .other_group = サービスが問い合わせられるのは、自分が働くグループの閲覧範囲だけです
FOUR_EYES_REQUIRED = ほかの人が行う必要があります。前の手順に関わった人は、権限を委任した人や委任された人も含め、この手順を行えません

## The group, its units and its people

INITIALISED_ALREADY = このデータベースにはすでにグループがあります。ログインするか、空のデータベースで始めるか、招待を用意してください
    .invited = この招待は使用済みで、グループがすでにあります。そのグループにログインするか、運用担当者に別の招待を依頼してください
INVITATION_INVALID = この環境の招待ではないか、一部が欠けています。運用担当者に別の招待を依頼してください
INVITATION_EXPIRED = 招待の有効期限が切れました。運用担当者に別の招待を依頼してください
INVITED_ANOTHER = この招待は別のIDのグループ宛てです
REGION_ALREADY_EXISTS = グループにはすでにリージョン{ $region }があります
REGION_MALFORMED = リージョンはcn-northのように、a-z、0-9、- を使って1～32文字で入力してください
REGION_UNUSABLE = a-z、0-9、- を使った1～32文字で、それぞれ1回だけ
REGION_IS_GLOBAL = グループ全体ではなく、リージョンを指定してください
REGION_MISSING = グループには複数のリージョンがあります。支社のリージョンを指定してください
    .from = この環境はグループの複数のリージョンを扱っています。ファイルの送り元のリージョンをfrom_regionに指定してください
    .switch = この環境はグループの複数のリージョンを扱っています。ファイルの送り元のリージョンを --from REGION で指定してください
REGION_UNKNOWN = グループにリージョン「{ $region }」はありません
REGION_DIFFERS = この支社は{ $region }にあり、データはリージョン間を移動できません
REGION_CROSSED = 組織が異なるリージョンにあり、データはリージョン間を移動できません
    .person = この組織はほかのリージョンにあり、データはリージョン間を移動できません。ここでの在籍を終了し、移動先のリージョンの従業員番号で入社させてください
    .manager = この上長はほかのリージョンに属しており、そのリージョンの人はこちらのデータを閲覧できません
SUSPENDED_ALREADY = グループはすでに利用停止中です
SUSPENDED_TOO_SHORT = グループを削除できるのは利用停止から30日後、{ $from }以降です
NOT_SUSPENDED = グループは利用中です
NAME_DIFFERS = 対象を間違えないよう、グループの名前を一字一句そのまま入力してください
TENANT_DELETED = グループは削除されました
MODULE_UNKNOWN = 「{ $name }」というモジュールはありません。使えるのは{ $known }です
PSEUDONYM_ALREADY_EXISTS = この人には別の仮名があり、変更できません
PSEUDONYM_TAKEN = この仮名はほかの人が使っています。誰のものか確認してください
DIRECTORY_OLDER = このリージョンのより新しいディレクトリがすでに取り込まれています
UNIT_PATH_MALFORMED = 1～200文字の名前を / でつないで、1～16階層で入力してください
UNIT_NAME_MALFORMED = / を含まない1～200文字で入力してください
UNIT_UNKNOWN = 組織「{ $path }」がありません。先に取り込んでください
    .was = { $day }に「{ $path }」という組織はありません。名称変更、移動、または廃止されています。その日のパスを入力してください
UNIT_DIFFERS =
    この組織はすでに{ $kind ->
        [legal_entity] 法人
        [branch] 支社
        [department] 部門
        [team] チーム
       *[group] グループ
    }として存在します
UNIT_KIND_IS_ROOTS = グループになれるのは最上位だけです
UNIT_KIND_UNKNOWN = 組織の種類ではありません。支社、法人、部門、チームのいずれかを指定するか、通常の種類にする場合は指定しないでください
UNIT_BEGINS_LATER = この組織または上位の組織は{ $day }から始まります。それ以降の日付を指定してください
    .hired_on = 「{ $path }」は{ $day }から始まり、hired_onより後です
UNIT_CLOSES = 組織{ $unit }は{ $day }で廃止されます。別の組織か、別の日付を選んでください
    .into = 組織{ $unit }は{ $day }で廃止され、所属者は{ $into }に移ります。移動先の組織か、別の日付を選んでください
UNIT_HAD_NAME = { $day }まで、ここに「{ $name }」という組織がありましたが、名称または場所が変わっています。現在のパス（ListOrgUnits）を入力してください。以前の名称で新しい組織を作る場合は、種類（kind）を指定してください
ROOT_STAYS = 最上位はグループそのものです。変更できません
ORG_CYCLE = 新しい上位組織は、現在または予定された移動により、この組織の下にあります
ORG_TOO_DEEP = 現在または予定された移動により、組織の階層が{ $max }段を超えます
UNIT_NAME_TAKEN = その期間、上位組織には「{ $name }」という組織があります
UNIT_CHANGE_PLANNED = この組織には{ $day }の変更があります。その日以降を指定してください
UNIT_CHANGE_BACKDATED = { $from }は今月より前です。それ以降の日については、締めて支給済みの月も含め、これまでの上位組織からは見えなくなり、移動先の組織から見えるようになります。{ $first }以降を指定するか、実際にその日からそうだった場合はbackdatedを指定してください
UNIT_HAS_CHILDREN = その時点で「{ $name }」が下にあります。先に移動または廃止するか、この組織を統合してください
UNIT_HAS_PEOPLE = その時点でこの組織に在籍が{ $count }件あります。移動先をmove_people_toに指定してください
MERGED_INTO_ITSELF = 統合する組織を重複なく1つ以上と、残す別の組織を1つ指定してください
PEOPLE_TO_NOWHERE = 移動先の組織は支社またはその配下で、その日に廃止されないものにしてください
UNIT_HAS_NO_REGION = 人はグループに直接ではなく、支社またはその配下に所属します
PERSON_DIFFERS = この従業員番号は、{ $field }が異なる内容で登録されています
EARLIER_ROW_REFUSED = この番号の前の行が拒否され、この行はその続きです。前の行を修正して、両方をもう一度送ってください
PERSON_OUT_OF_REACH = この組織は、今日または初日以降のいずれかの日に、あなたが書き込める範囲を超えています。この行を除くか、すべての日に権限のある人に送ってもらってください
EMPLOYMENT_OVERLAPS = この人の{ $day }からの在籍と期間が重なっています。先にそれを終了してください
NOT_EMPLOYED = この人は{ $day }に在籍していません
MANAGER_NOT_EMPLOYED = この上長は{ $day }に在籍していません。別の人を選んでください
ENDS_ALREADY = この在籍はすでに{ $day }で終了することになっています
    .line = このレポートラインはすでに{ $day }で終了することになっています
EMPLOYMENT_KIND_UNKNOWN = 「{ $text }」は雇用形態ではありません。full_time、part_time、fixed_term、intern、agency、outsourced、freelanceのいずれかを使ってください
NOT_IN_CATALOGUE = { $field }：{ $day }のグループのカタログに「{ $code }」がありません。先に取り込むか、別のものを選んでください
EMPLOYMENT_CHANGE_PLANNED = この在籍には{ $day }の変更があります。その日以降を指定するか、変更を取り消してください
NOTHING_PLANNED = この在籍には、{ $day }に取り消せる変更がありません
HOME_ENDS = これは本務の在籍です。EndEmploymentで、付随するものとあわせて終了します
START_TOO_LATE = 新しい初日より前の{ $day }に、この在籍または関連する記録があります。先にそれを修正してください
OUTLASTS_HOME = 本務の在籍は{ $day }で終了します。兼務や休暇は遅くともその日に終了します
LEAVE_OVERLAPS = この人の{ $day }からの休暇と期間が重なっています。先にそれを終了してください
POST_KIND_MISSING = 兼務または出向を指定してください。本務は入社、異動、再入社で登録します
EMPLOYEE_NO_TAKEN = この従業員番号はほかの人が使っています
ID_NUMBER_TAKEN = このリージョンのほかの人がこの番号を使っています
ID_NUMBER_INVALID = 本人確認番号は、制御文字を含まない1～64文字です
ID_NUMBER_CHECKSUM = この居民身分証番号の末尾の桁がほかの桁と合いません。身分証を確認してください
LINE_KIND_MISSING = 実線または点線を指定してください
REPORTING_CYCLE = { $day }に、この上長は直接または間接にこの人の部下になっています
LINE_CHANGE_PLANNED = 別の実線のレポートラインが{ $day }から始まります。それを終了するか、その前の日を最終日にしてください
LINE_THERE_ALREADY = レポートライン{ $id }が、その期間の一部ですでに同じ内容になっています
RATE_OF_ITSELF = 同じ通貨どうしのレートは常に1です。別の通貨を指定してください
SUPERSEDED_AND_KNOWN_AT = ある時点で有効だった内容か、これまでに登録されたすべての内容か、どちらか一方を照会してください
KIND_MISSING = 役職か等級かを指定してください
RANK_UNUSABLE = 等級には1以上の順位が必要です。役職には順位がありません
ENTRY_CHANGE_PLANNED = このコードには{ $day }からの登録があります。その前に終えるか、その日から始めてください

## Access

HOURS_MALFORMED = 時間帯は08:00-20:00のように、異なる2つの時刻で指定してください
SCOPE_MALFORMED = self、reports、tenantでは何も指定しません。unit、subtree、legal_entityでは組織を、regionではリージョンを指定してください
REACH_MISSING = 適用範囲を指定してください
PERMISSION_UNKNOWN = 「{ $text }」はこのバージョンの権限ではありません
ROLE_UNKNOWN = 「{ $role }」というロールはありません
    .own = グループ独自のロールに「{ $role }」はありません
SCOPE_NOT_FOR_ROLE = { $role }は範囲{ $scope }では付与できません
NOT_A_LEGAL_ENTITY = { $unit }は法人ではありません
NO_PERSON = このログインアカウントは誰のものでもありません。組織またはリージョンを指定してください
    .punching = 打刻とアカウントの引き継ぎは本人だけが行えます。本人のログインアカウントでログインしてください
    .claiming = 会話の担当申告は本人だけが行えます。本人のログインアカウントでログインしてください
DUTIES_SEPARATED = { $a }と{ $b }を両方持つことはできません。ほかの人に付与してください
    .role = 1つのロールに{ $a }と{ $b }を両方含めることはできません。2つのロールに分けてください
    .holder = { $principal }はこのロールを持っており、{ $a }と{ $b }を両方持つことになります。先にどちらかの権限付与を取り消してください
    .delegated = 1日だけでも、{ $a }と{ $b }を両方持つことはできません。ほかの人に委任してください
GRANTED_ALREADY = その期間は、権限付与{ $id }がすでに同じ内容です
GRANT_NOT_HELD = あなた自身の権限付与に、そこでの{ $permission }がないため、ほかの人に付与できません
GRANT_TO_ONESELF = 自分が持っていない権限を自分に付与することはできません。ほかの管理者に依頼してください
    .role = あなたはこのロールを持っていますが、{ $permission }を持っていません。ほかの管理者に依頼してください
REVOKED_ALREADY = この権限付与はすでに取り消されています
PRINCIPAL_OR_LOGIN = プリンシパルかログイン名のどちらか一方を指定してください
LAST_ADMINISTRATOR = ロールを付与できる人がいなくなります。先にgroup_adminをほかの人に付与してください
ROLE_NAME_MALFORMED = a-z、0-9、_ を使って、2～64文字で入力してください
ROLE_NAME_RESERVED = この名前は標準のロールまたはサービスが使っています。別の名前にしてください
ROLE_EMPTY = 権限と範囲をそれぞれ1つ以上指定してください
ROLE_FOR_SERVICES = { $permission }はシステム内のサービス専用です
ROLE_IN_USE = このロールを使う権限付与が{ $count }件あります。先に取り消してください
DELEGATION_EMPTY = 権限を1つ以上指定してください
DELEGATION_TIME = 終了は開始より後の、将来の日時にしてください
DELEGATION_TOO_LONG = 90日までです。それより長い場合は、ロールを付与してもらってください
DELEGATION_TO_ONESELF = 自分以外の人を指定してください
DELEGATION_ENDED = この委任はすでに終了しています
PERMISSION_NOT_DELEGABLE = { $permission }は委任できません
BREAK_GLASS_EMPTY = 開放する権限を指定してください
PERMISSION_NOT_OPENED = 緊急アクセスで{ $permission }は開放できません。権限を管理する権限と、分離すべき職務は対象外です
BREAK_GLASS_SCOPE = selfやreportsではなく、組織、リージョン、またはグループを指定してください
BREAK_GLASS_REASON = 何が起きたかを20文字以上で入力してください
BREAK_GLASS_TIME = 1～60分で指定してください
BREAK_GLASS_OPEN = あなたの緊急アクセス{ $id }がまだ終了していません。先に終了してください
    .unreviewed = この緊急アクセスはまだ終了していません。終了してから確認を行ってください
BREAK_GLASS_ENDED = この緊急アクセスはすでに終了しています
BREAK_GLASS_NO_STREAMS = 緊急アクセスではストリームを利用できません。1ページずつ行を取得してください
REVIEWED_ALREADY = すでに確認済みです
ALLOWED_BY_ROLE = ロール{ $role }により、ここで{ $permission }が許可されています
ALLOWED_BY_DELEGATION = { $permission }は委任または緊急アクセスによるものです。誰によるものか確認してください
REFUSED_HERE = ロール{ $role }に{ $permission }はありますが、ここは対象外です
REFUSED_BY_CONDITION = ロール{ $role }がここで{ $permission }を許可するのは、二要素認証を使った場合か、別の時間帯だけです
REFUSED_TODAY = ロール{ $role }はここで{ $permission }を許可しますが、今日は対象外です
REFUSED_WITHOUT_MODULE = グループは{ $permission }のモジュールを利用していません
REFUSED_WITHOUT_GRANT = { $permission }を許可する権限付与がありません。次のロールに含まれます：{ $roles }

## Privacy

SUBJECT_IN_PART = 対象には種類とIDの両方が必要です
LEGAL_HOLD = 法的保全が有効です。先に解除する必要があります。ListHoldsを参照してください
HOLD_LIFTED = この法的保全はすでに解除されています
RETENTION_KIND_UNKNOWN = 「{ $kind }」はデータの種類ではありません。すべての種類はListRetentionで確認できます
RETENTION_OUT_OF_BOUNDS = この種類の保存期間は{ $min }～{ $max }か月です
RETENTION_RUNS = この人について法律で保存が必要なデータは{ $day }まで保存されます。その日より後にもう一度申請してください
PERSON_ERASED = この人の個人データは消去されています。新たに書き込むことはできません。戻った場合は新しい人として登録します
STILL_EMPLOYED = 消去できるのは退職した人だけです。先に在籍を終了してください
ERASURE_ALREADY_EXISTS = この人には消去の申請{ $id }があります
OWN_ERASURE = 自分の消去は承認できません。ほかの人が承認する必要があります
ERASED_ALREADY = この消去はすでに承認されています
ERASURE_DROPPED = この申請は取り下げまたは却下されました。消去をあらためて申請してください
ERASURE_NOT_APPROVED = まだ承認されていません
NOT_A_SERVICE = 消去の報告ができるのは、個人データを保持するサービスだけです

## How long data are kept, counted from when and why

KEPT_FROM_ALIASES = 別名または端末の最終日
KEPT_BECAUSE_ALIASES = 報酬に異議が出うる間は、どの記録が誰に帰属するかを証明できる必要があるため
KEPT_FROM_DUTY = 打刻または引き継ぎの時刻、シフトの終了
KEPT_BECAUSE_DUTY = 賃金の記録とその根拠：2年（中国の賃金支払暫行規定）
KEPT_FROM_PAY = 支給明細が作成された日
KEPT_BECAUSE_PAY = 所得税の源泉徴収に関する書類：5年、賃金の記録：2年
KEPT_FROM_PERSON = 最後の在籍の終了
KEPT_BECAUSE_PERSON = 終了した労働契約：2年（中国の労働契約法）
KEPT_FROM_SESSIONS = セッションが遅くとも終了した日
KEPT_BECAUSE_SESSIONS = ネットワークの利用ログ：6か月（中国のサイバーセキュリティ法）
KEPT_FROM_RECORDS = 記録の開始
KEPT_BECAUSE_RECORDS = 報酬の根拠となる記録を、異議が出うる間保存するため
KEPT_FROM_RESULTS = 結果が作成された日。帰属については、その記録の開始
KEPT_BECAUSE_RESULTS = 報酬の根拠となるスコア：所得税の源泉徴収に関する書類と同じ期間
KEPT_FROM_REQUESTS = リクエストの時点
KEPT_BECAUSE_REQUESTS = 再送されたリクエストに最初と同じ応答を返すため。それ以外に必要とする規定はありません
KEPT_FROM_EVIDENCE = 証拠が作成された日
KEPT_BECAUSE_EVIDENCE = プロファイルにまとめる内容のため。法律上の定めはありません

## The suite

OVERLOADED = 同時の呼び出しが多すぎます。しばらくしてからもう一度お試しください
RATE_LIMITED = 呼び出しが多すぎます。しばらくしてからもう一度お試しください
DEADLINE_EXCEEDED = 呼び出し元が許可した時間を超えました
STALE = 読み込んだ後に、ほかの人が変更しました。もう一度読み込んでから変更をやり直してください
STORE_BUSY = ほかの人が同時に変更しました。もう一度お試しください
STORE_UNAVAILABLE = 現在データベースに接続できません。しばらくしてからもう一度お試しください
STORE_DAMAGED = サービスのデータベースが破損しており、やり直しても解決しません。運用担当者がサービスを停止し、破損の範囲を確認して（SQLite：PRAGMA integrity_check、PostgreSQL：pg_amcheck）、データベースをバックアップから復元してください
    .server = { $at }のデータベース{ $database }にある{ $service }のデータが破損しています。サービスを停止し、破損の範囲を確認して（pg_amcheck）、データベースをバックアップから復元してください。内容は何も変更していません
STORE_READ_ONLY = サービスのデータベースは現在読み取りのみ可能で、何も変更していません。運用担当者が書き込み権限を戻してから（SQLite：ファイルとそのフォルダー、PostgreSQL：スタンバイではなく書き込みを受け付けるサーバー）、もう一度実行してください
    .server = { $at }にある{ $service }のPostgreSQLが書き込みを受け付けません。スタンバイであるか、default_transaction_read_onlyが有効です。書き込みを受け付けるサーバーを{ $setting }に指定してください
PEER_UNAVAILABLE = この呼び出しに必要なサービスが利用できません。しばらくしてからもう一度お試しください
PEER_REFUSES_SERVICE = この呼び出しに必要なサービスが、このサービスをまだ認識していません。しばらくしてからもう一度お試しください
PEER_ADDRESS_INVALID = { $address }はサービスのアドレスではありません。http://host:port またはhttps://host:port の形式で入力してください
PEER_CERTIFICATE_UNKNOWN = サーバーの証明書は、ここで信頼されていない認証局が署名したものです。その認証局のファイルを指定するか（--ca、または設定のclient.authority）、正しいサーバーかどうかを確認してください
PEER_CERTIFICATE_FOR_ANOTHER = サーバーの証明書は別の名前のものです。証明書に記載された名前で呼び出してください
PEER_CERTIFICATE_OUT_OF_DATE = サーバーの証明書は現在有効ではありません。このマシンの時計が正しければ、運用担当者に更新を依頼してください
PEER_WANTS_CERTIFICATE = サーバーは呼び出し元に証明書を求めています。証明書を指定してください（--client-certと--client-key、または設定のclient.certificateとclient.key）
PEER_REFUSES_CERTIFICATE = サーバーは提示された証明書を受け付けません。呼び出し元の証明書にどの認証局が署名するのかを運用担当者に確認してください
    .expired = サーバーに提示した証明書の有効期限が切れています。署名した認証局から新しい証明書を取得して指定してください（--client-certと--client-key、または設定のclient.certificateとclient.key）
    .revoked = サーバーに提示した証明書は失効しています。署名した認証局から新しい証明書を取得して指定してください（--client-certと--client-key、または設定のclient.certificateとclient.key）
PEER_SPEAKS_PLAINTEXT = アドレスはhttps:// で始まっていますが、このサーバーはTLSを使っていません。http:// に書き換えるか、運用担当者に正しいポートを確認してください
PEER_SPEAKS_TLS = アドレスはhttp:// で始まっていますが、このサーバーはTLSを使っています。https:// に書き換えてください
PEER_TLS_FAILED = 暗号化接続を確立できませんでした：{ $why }
CERTIFICATE_KEY_MISMATCH = 証明書と秘密鍵が対応していません。この証明書用に作られた鍵を指定してください（呼び出し元は --client-keyまたはclient.key、サーバーはserver.tls_key）
PEER_CERTIFICATES_UNUSABLE = このサーバー用の証明書を使用できません：{ $why }。サーバーの証明書に署名した認証局のファイルを指定してください（--ca、またはclient.authority）
PEER_FAILED = この呼び出しに必要なサービスが拒否しました
DEADLINE_MALFORMED = grpc-timeoutは8桁までの数字と、単位H M S m u nのいずれか1つです
REQUEST_CUT_OFF = リクエストが途中で終わっています
REQUEST_UNREADABLE = リクエストをこのrpcのメッセージとして読み取れません。呼び出し元とサーバーの契約（proto/）が同じか、テキストがUTF-8かを確認してください
    .envelope = リクエストがConnectのエンベロープ形式のメッセージストリームではありません。各メッセージの前に、フラグ1バイト（0、圧縮時は1）と長さ4バイトが必要です
    .compressed = リクエストを展開できません。指定された方式（{ $said }）で圧縮されていません
ONE_MESSAGE_WANTED = この呼び出しが受け付けるメッセージは1件だけですが、リクエストには{ $sent }件あります
REQUEST_TOO_LARGE = リクエストが{ $max }バイトを超えています。一度に送る行を減らしてください
ANSWER_TOO_LARGE = 応答が{ $max }バイトを超えています。一度に取得する行を減らすか（page_size）、条件を絞ってください
REQUEST_COMPRESSED = リクエストが圧縮されています。圧縮せずに送ってください（grpc-encoding identity）
    .unknown = 圧縮方式{ $said }は読み取れません。gzipで圧縮するか、圧縮せずに送ってください
TEXT_WITH_NUL = 文字NUL（U+0000）を取り除いてください。テキストに含めることはできません
METHOD_UNKNOWN = ここにそのようなメソッドはありません。名前と、呼び出し元とサーバーのリリースが同じかを確認してください
SERVICE_ELSEWHERE = このアドレスのプロセスはサービス{ $service }を実行していません。実行しているプロセスに問い合わせてください。サービスとtallyコマンドは、設定のpeers.{ $service }でそれを見つけます
PROBLEM_TITLE =
    { $status ->
        [400] リクエストの誤り
        [401] 未ログイン
        [403] 権限なし
        [404] 見つかりません
        [405] 許可されていないメソッド
        [409] 競合
        [412] その間に変更あり
        [413] サイズ超過
        [415] 対応していないメディア形式
        [429] リクエスト過多
        [431] ヘッダーのサイズ超過
        [499] 中止
        [501] ここでは提供なし
        [503] 利用不可
        [504] 時間切れ
       *[other] 内部エラー
    }
PATH_UNKNOWN = ここにパス{ $path }はありません。パスは/openapi.jsonにあります
HTTP_METHOD_WRONG = このパスで{ $method }は使えません。使えるのは{ $allowed }です
MEDIA_TYPE_WRONG = 本文はJSON（Content-Type: application/json）にしてください。{ $said }が送られました
    .rpc = この呼び出しが受け付けるのは{ $taken }（Content-Type）です。{ $said }が送られました
BODY_TOO_LARGE = 本文が{ $limit }バイトを超えています。一度に送る行を減らしてください
BODY_BROKE_OFF = リクエストの本文が途中で終わっています
BODY_TOO_SLOW = リクエストの本文の受信に時間がかかりすぎました。より速く送るか、小さく分けて送ってください
BODY_NOT_READ = この呼び出しは本文を読みません。パラメーターはパスと ? の後に指定します
BODY_NO_OBJECT = 本文はJSONオブジェクトにしてください
HEADERS_TOO_LARGE = リクエストのヘッダーが{ $limit }バイトまたは{ $most }個を超えています。数を減らすか、短くしてください
BODY_NO_JSON = 本文の{ $line }行目{ $column }列目からがJSONではありません
    .early = 本文のJSONが途中で終わっています
    .deep = 本文のリストとオブジェクトの階層が127段を超えています
    .twice = 本文のオブジェクトに名前{ $name }が2回あります
FIELD_UNREADABLE = 読み取れません。{ $expected }を指定してください
    .unknown = そのような項目はありません
    .twice = { $one }と{ $other }で2回指定されています。どちらかを取り除いてください
    .choice = { $fields }のうち1つだけを指定してください
    .encoding = パーセントエンコーディングの内容がUTF-8のテキストではありません
    .precision = 日時の秒は小数点以下9桁までです
    .second = 秒は00～59で指定してください
    .digits = 小数または指数のある数値としては桁数が多すぎます。テキストとして指定してください
VALUE_EXPECTED = その種類の値
    .yes_or_no = trueまたはfalse
    .whole = { $least }～{ $most }の整数
    .number = 数値
    .text = 引用符で囲んだテキスト
    .bytes = base64のテキスト
    .instant = 2026-03-02T09:00:00Zのような、西暦1年から9999年までの日時
    .duration = 600sのような秒数
    .name = { $names }のいずれか
    .object = オブジェクト
    .list = リスト
FIELD_SAID_TWICE = 異なる値が2回指定されています。本文かクエリのどちらかから取り除いてください
CONNECT_QUERY_WRONG = v1にしてください
    .missing = 指定されていません
    .base64 = アドレス用のbase64ではありません
QUERY_UNKNOWN = この呼び出しのパラメーターではありません。パラメーターは/openapi.jsonにあります。個人情報は本文に入れてください
HEADER_NOT_READ = この呼び出しはヘッダー{ $header }を読みません。取り除いてください
    .several = ヘッダー{ $header }に指定できるのは、引用符で囲んだエンティティタグ1つか * です
ANSWER_HAS_NO_FIELD = 応答に項目{ $field }はありません
DOCS_PAGE = Tallyの呼び出し
    .lead = HTTPとJSONで使えるスイートのすべての呼び出しです。ルーターと同じ表から作られています。それぞれの説明は契約の原文（英語）です。
    .how = 表記の決まり
    .machine = プログラム向けの同じ内容（OpenAPI 3.1）
    .count = 呼び出し{ $count }件
    .permission = 必要な権限
    .session = ログインが必要です。権限は必要ありません。
    .nobody = ログインは必要ありません。
    .parameters = パラメーター
    .body = 本文
    .lines = 本文：1行に1つのオブジェクト
    .answer = 応答
    .stream = 応答：1行に1つのオブジェクト、またはイベントごとに1つ
    .refusals = 拒否
    .example = 例
    .required = 必須
    .filled = サーバーが設定
    .values = 次のいずれか
    .shapes = オブジェクト
    .in_path = パス内
    .in_query = ? の後
    .in_header = ヘッダー
REQUEST_ID_INVALID = request_idは{ $max }文字までです。UUIDをお勧めします
REQUEST_ID_REUSED = このrequest_idは、内容の異なる以前のリクエストのものです。新しいものを使ってください
LEASE_LOST = 別のワーカーがこの作業を引き継ぎました。今回の処理内容は保存されていません

## For whoever operates the suite

PORT_TAKEN = { $address }で待ち受けできません：{ $cause }。--listenまたはTALLY_SERVER_LISTENで別のアドレスを指定してください
HTTP_PORT_TAKEN = ゲートウェイが{ $address }で待ち受けできません：{ $cause }。--httpまたはTALLY_SERVER_HTTPで別のアドレスを指定するか、--servicesからgatewayを外してください
DATABASE_URL_INVALID = データベースURLはsqlite:// またはpostgres:// で始まる必要があります
    .server = { $setting }を読み取れません。postgres://ROLE:PASSWORD@HOST:PORT/DATABASE の形式で指定し、パスワードの / ? # @ % は %2F %3F %23 %40 %25 と書いてください
    .file = { $setting }を読み取れません。sqlite://FOLDER/{ "{" }service{ "}" }.db の形式で指定してください。フォルダーが / で始まるか、名前が英数字以外を含む場合はsqlite:///FOLDER/{ "{" }service{ "}" }.db です
STORE_AWAY = { $service }のPostgreSQLに{ $at }で接続できません：{ $why }。そこで動作しているかを確認するか、{ $setting }のホストとポートを修正してください
STORE_SIGN_IN_REFUSED = { $at }のPostgreSQLが{ $user }のログインを拒否しました。そのロールがないか、パスワードが異なります。正しいパスワードを{ $setting }に指定するか、所有者のURLで`tally migrate`を実行してください。ロールが作成され、そのパスワードが設定されます
    .owner = { $at }のPostgreSQLが{ $user }のログインを拒否しました。そのロールがないか、パスワードが異なります。{ $setting }のロールとパスワードを修正してください
    .rule = { $at }のPostgreSQLは、このマシンからこの方法で{ $user }が{ $database }に入ることを許可していません。pg_hba.confに該当するルールがありません。TLSが必要な場合は{ $setting }にsslmode=requireを書き、それ以外の場合は運用担当者にルールの追加を依頼してください
STORE_DATABASE_MISSING = { $at }にデータベース{ $database }がありません。{ $setting }の名前を修正するか、サーバーの所有者に作成を依頼してください（CREATE DATABASE { $database }）
STORE_PARAMETER_REFUSED = { $at }のPostgreSQLが接続のパラメーターを受け付けません。回答：{ $says }。{ $setting }の ? より後を修正してください。そこがPgBouncerの場合は、運用担当者が通過を許可できます（pgbouncer.iniのignore_startup_parameters）
STORE_TLS_FAILED = { $at }のPostgreSQLと暗号化接続を確立できませんでした（{ $why }）。{ $setting }のsslmodeとsslrootcertを修正するか、サーバーの運用担当者に証明書の修正を依頼してください
    .none = { $setting }はTLS（sslmode）を求めていますが、{ $at }のPostgreSQLはTLSを使っていません。運用担当者に有効化（ssl = on）を依頼するか、ネットワークをほかに使う人がいない場合はsslmodeを外してください
STORE_RIGHT_MISSING = { $user }には、{ $at }のデータベース{ $database }で{ $service }に必要な権限がありません。所有者のURLで`tally migrate`を実行してください。権限が付与されます
    .owner = { $user }は{ $at }のデータベース{ $database }にスキーマ、ロール、テーブルを作成できません。データベースを所有し、ロールを作成できる（CREATEROLE）ロールか、スーパーユーザーを{ $setting }に指定してください
DATABASE_ROLE_OF_ANOTHER = { $service }は{ $user }としてログインしていますが、そのデータはロール{ $login }専用です。{ $setting }のロールにtally_{ "{" }service{ "}" }と書いてください（postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE）
DATABASE_IN_USE = データベース{ $database }にはすでにtallyのデータがあります（スキーマ{ $schema }）。空のデータベースが必要です。新しく作成し（CREATE DATABASE）、{ $setting }で指定してください。何も変更していません
STORE_FILE_DAMAGED = ファイル{ $file }は破損しているか、SQLiteデータベースではありません。バックアップから復元するか、{ $setting }で別の場所を指定してください。内容は何も変更していません。破損の範囲はsqlite3のPRAGMA integrity_checkで確認できます
STORE_FILE_UNUSABLE = ファイル{ $file }を読み書き用に開けません：{ $why }。このプロセスのユーザーにファイルとフォルダーの権限を与えるか、{ $setting }で別の場所を指定してください
    .read_only = ファイル{ $file }は読み取りしかできませんが、データベースには書き込みが必要です。このプロセスのユーザーにファイルとフォルダーの書き込み権限を与えるか、{ $setting }にmode=roがあれば外してください
STORE_DISK_FULL = { $at }のディスクがいっぱいです。空きを作ってから、もう一度実行してください
    .serving = サービスのデータベースのディスクがいっぱいで、何も変更していません。運用担当者が空きを作ってから、もう一度実行してください
STORE_DISK_FAILS = { $at }のディスクでエラーが発生しています。そのマシンのログで内容を確認し、修理または交換して、データが完全であることを確認してから続けてください
    .serving = サービスのデータベースのディスクでエラーが発生しており、何も変更していません。運用担当者がそのマシンのログを確認してから、もう一度実行してください
DATABASE_ROLE_TOO_POWERFUL = { $service }のデータベースURLは{ $power }の{ $user }としてログインするため、行レベルセキュリティが効きません。URLのロールを{ $login }にしてください（postgres://tally_{ "{" }service{ "}" }@host/database）。所有者のURLで`tally migrate`を実行すると作成されます
POWER_SUPERUSER = スーパーユーザー
POWER_BYPASSRLS = BYPASSRLSを持つロール
POWER_OWNER = テーブルの所有者
SCHEMA_BEHIND = { $service }のスキーマは{ $count }件のマイグレーション分古くなっています（次は{ $next }）。所有者のURLで`tally migrate`を実行してください
SCHEMA_AHEAD = { $service }のデータベースは、より新しいバージョンのtallyで更新されています（このバージョンは{ $migration }を認識できません）。そのバージョン以降を起動するか、更新前のバックアップを復元してください
TENANT_NOT_HERE = このデータベースはSQLiteファイルで、別の1つのグループを保持しています。複数のグループにはPostgreSQLが必要です（TALLY_DATABASE_URL=postgres://...）。行レベルセキュリティで分離されます
STORE_OF_ANOTHER_SERVICE = { $service }のSQLiteファイルは{ $owner }のものです。URLに{ "{" }service{ "}" }を入れてください（sqlite://dir/{ "{" }service{ "}" }.db）
SERVICE_NAME_INVALID = 「{ $service }」はサービス名に使えません。a-zと_ を使って32文字以内にしてください
HEADS_UNREADABLE = 署名済みヘッドのファイル{ $file }を読み取れません：{ $cause }
HEADS_UNWRITABLE = ログの署名済みヘッドを{ $file }に書き込めません：{ $cause }。このプロセスのユーザーが書き込めるフォルダーをaudit.heads_directoryで指定してください
KEYS_UNUSABLE = 鍵ファイル{ $file }を使用できません：{ $cause }。バックアップから復元するか、keys.directoryを正しいフォルダーに向けてください。封印されたデータはほかの鍵では開けません
    .missing = 鍵ファイル{ $file }がありません。keys.directoryを正しいフォルダーに向けるか、バックアップから復元してください。封印されたデータはほかの鍵では開けません
    .closed = 鍵ファイル{ $file }を使用できません：{ $cause }。このプロセスのユーザーが所有者として（モード0400）、またはグループを通じて（0440、KubernetesではfsGroup）読み取れる必要があります
    .unwritable = 鍵ファイル{ $file }に書き込めません：{ $cause }。このプロセスのユーザーがフォルダーに書き込めるようにするか、keys.directoryで別のフォルダーを指定してください
    .signing = 鍵{ $file }を使用できません：{ $cause }。バックアップから復元するか、keys.directoryを正しいフォルダーに向けてください。バックアップがない場合は移動してください。次回の起動時に新しい鍵が作られ、ログイン中の人は再ログインが必要になり、古い鍵を信頼しているほかの環境には新しい.pubが必要になります
    .closed_signing = 鍵{ $file }を使用できません：{ $cause }。このプロセスのユーザーが所有者として（モード0400）、またはグループを通じて（0440、KubernetesではfsGroup）読み取れる必要があります
    .public = 公開鍵{ $file }を使用できません：{ $cause }。その鍵を持つサービスからもう一度コピーしてください。対応する.keyの隣にあるものは削除してかまいません。サービスが起動時に書き直します
    .folder = 鍵フォルダー{ $file }を使用できません：{ $cause }。このプロセスのユーザーが読み書きできるようにするか、keys.directoryで別のフォルダーを指定してください
    .unwritable_signing = 鍵{ $file }に書き込めません：{ $cause }。このプロセスのユーザーがフォルダーに書き込めるようにするか、keys.directoryで別のフォルダーを指定してください
    .foreign = 公開鍵{ $file }は、隣にある鍵{ $private }と対応していません。どちらかが置き換えられています。両方をバックアップから復元してください。秘密鍵が正しい場合は公開鍵を削除してください。サービスが起動時に書き直します
SECRET_OPEN = このマシンの誰でも使用できます。このファイルにchmod 600を実行してください
    .group = グループ{ $gid }が使用できますが、このプロセスはそのグループに属していません。このファイルにchmod 600を実行するか、プロセスをグループ{ $gid }で実行してください（KubernetesではfsGroup: { $gid }）
    .writable = グループが変更できます。このファイルにchmod g-wを実行してください
KEY_FILE_MALFORMED = 1行目は「{ $header }」で始まる必要があります
    .lock = 1行目に保護の方法が書かれていません
    .line = 各行は種類、ID、鍵である必要があります
    .id = 「{ $id }」は鍵のIDではありません
    .base64 = 鍵{ $kind } { $id }はbase64ではありません
    .length = 鍵{ $kind } { $id }は32バイトである必要があります
    .damaged = 鍵{ $kind } { $id }は破損しています
    .kind = 「{ $kind }」は鍵の種類ではありません
    .twice = 鍵{ $kind } { $id }が2回あります
    .few = wrap、bind、signの鍵がそれぞれ1つ以上必要です
KEY_LINE_MALFORMED = 各行には、base64の32バイトと、有効になる日時または有効でなくなる日時が必要です
    .none = 鍵がありません
KEYS_OF_ANOTHER_STORE = このプロセスの鍵は、{ $service }のデータを書き込んだときの鍵ではありません。keys.directoryを正しいフォルダーに向けるか、seal.keyをバックアップから復元してください。何も変更しておらず、新しい鍵も作っていません。正しい鍵を置いた後、`tally audit verify`でログの改ざんの有無を確認できます
STORE_LOST = { $service }のデータベースは空ですが、{ $file }にはデータがあったと記録されています。データベースをバックアップから復元するか（SQLiteではそのファイル）、{ $setting }が別の場所を指していないかを確認してください。何も変更していません。すべてを最初から始める場合に限り、先に{ $file }を移動してください
KEYS_PASSPHRASE_MISSING = 鍵ファイル{ $file }は保護されています。TALLY_KEYS_PASSPHRASEを設定するか、パスフレーズを保存したファイルをTALLY_KEYS_PASSPHRASE_FILEに設定してください
KEYS_PASSPHRASE_WRONG = このパスフレーズで開ける鍵が{ $file }にありません。TALLY_KEYS_PASSPHRASE（またはTALLY_KEYS_PASSPHRASE_FILEが指すファイル）を確認してください。正しい場合はファイルが破損しています。バックアップから復元してください
KEYS_NOT_IN_A_FILE = この鍵はこのプロセスの中だけにあり、変更するファイルはありません
KEY_ROTATES_ALREADY = { $service }には{ $from }から署名に使う新しい鍵があります。その時までお待ちください

## The command line

SERVER_AWAY = { $server }から応答がありません。システムがそこで動作しているかを確認してください。待ち受け先は --serverで指定します
CLIENT_FILE_UNREADABLE = { $file }を読み取れません：{ $why }
CLIENT_FILE_WRONG = { $file }にPEM形式の{ $block }がありません
SIGNED_IN_AS = { $server }に{ $login }として接続（`tally login`でログイン）
LOGIN_GOOD = ログインは{ $until }まで有効です。以後のコマンドではトークンもサーバーも指定不要です。ほかのプログラムからは`authorization: Bearer ..`として送ってください
LOGIN_NOT_REMEMBERED = ログイン情報を{ $file }に保存できません（{ $why }）。ほかのコマンドには --token-fileでトークンを渡してください
SIGN_IN_OVER = { $login }のログインの有効期限が切れました。`tally login { $login }`をもう一度実行してください
SIGN_IN_FIRST = トークンがありません。先に`tally login NAME`を実行するか、トークンを保存したファイルを指定するか（--token-file）、パイプで渡してください
FOLDER_UNWRITABLE = フォルダー{ $path }を作成できません：{ $cause }。このプロセスのユーザー用に作成するか、{ $setting }で別のフォルダーを指定してください

## Bringing a bundle into a running suite

PERSON_NOT_IN_SUITE = システムに、従業員番号{ $number }で閲覧できる人がいません。people.csvのその行が拒否された原因を修正してから、もう一度取り込みを実行してください
ACCOUNT_NOT_IN_SUITE = システムに、閲覧できるアカウント{ $label }がありません。accounts.csvのその行が拒否された原因を修正してから、もう一度取り込みを実行してください
ROWS_OF_UNIT_REFUSED = 所属する組織{ $unit }が拒否されました
ROWS_OF_NUMBER_REFUSED = people.csvで番号{ $number }が拒否されました。この行はシステムとは別の人を指している可能性があります
ROWS_OF_ACCOUNT_REFUSED = accounts.csvでアカウント{ $label }が拒否されました。この行はシステムとは別のアカウントを指している可能性があります
ROWS_OF_RECORD_REFUSED = records.csvで記録{ $record }が拒否されました。そのメッセージはシステムとは別の記録のものである可能性があります
NICKNAME_REFUSED = aliases.csvで別名{ $alias }が拒否されました。{ $number }のこの記録は、その別名で担当者を示している可能性があります
IMPORT_STOPPED = 今回の実行では{ $rows }行が登録済みで、以前の実行で取り込んだ内容もすべて残っています。同じコマンドをもう一度実行してください。取り込み済みの行は「登録済み」として数えられます
    .mend = 今回の実行では{ $rows }行が登録済みで、以前の実行で取り込んだ内容もすべて残っています。ここに示された内容を修正し、同じコマンドをもう一度実行してください。取り込み済みの行は「登録済み」として数えられます
IMPORT_SERVICE_AWAY = サービス{ $service }に接続できませんでした。失われた内容はありません。今回の実行では{ $rows }行が登録済みで、以前の実行で取り込んだ内容もすべて残っています。復旧後に同じコマンドをもう一度実行してください。取り込み済みの行は「登録済み」として数えられます
IMPORT_DAMAGED = ファイルに書き出す途中で値が失われています。システムは上書きを行わないため、欠けた値がそのまま残ってしまいます：{ $columns }
IMPORT_DAMAGED_COLUMN = { $count }行で、表計算ソフトが{ $column }を先頭の数桁に縮めています（例：{ $example }）
    .failed = { $count }行で、{ $column }に表計算ソフトが値の代わりに表示する内容が入っています（例：{ $example }）
IMPORT_DAMAGED_CURE = 何も書き込んでいません。エラーになる数式を除いて、その列を文字列として書き出し、もう一度取り込んでください。そのままの内容で書き込む場合は、同じコマンドに --accept-damagedを付けて実行してください
IMPORT_HEADING = 取り込みの結果（{ $from }～{ $to }）
IMPORT_READ = 読み取り
IMPORT_REJECTED = 除外
IMPORT_LEFT_OUT = 統合または省略
IMPORT_WRITTEN = 書き込み
IMPORT_REVISED = 新バージョン
IMPORT_UNCHANGED = 登録済み
IMPORT_REFUSED = 拒否
IMPORT_CENSUS = システムにあるデータ（閲覧できる範囲）
IMPORT_BEFORE = 取り込み前
IMPORT_AFTER = 取り込み後
IMPORT_UNITS = 組織
IMPORT_PEOPLE = 人
IMPORT_ACCOUNTS = アカウント
IMPORT_ALIASES = 別名
IMPORT_DEVICES = 端末
IMPORT_SHIFTS = 期間内のシフト
IMPORT_SHIFT_HOURS = シフトの時間数
IMPORT_PUNCHES = 期間内の打刻
IMPORT_HANDOVERS = 期間内の引き継ぎ
IMPORT_RECORDS = 期間内のこれらのアカウントの記録
IMPORT_RECORD_HOURS = 記録の時間数
IMPORT_AMOUNT = 記録の売上（最小通貨単位）
IMPORT_CLAIMS = 期間内のこれらのアカウントの担当申告
IMPORT_REJECTED_ROWS = { $rows }行を読み取れませんでした。{ $file }に行ごとの対処方法があります。
IMPORT_REVISED_ROWS = { $rows }行が新しいバージョンになりました。以前のバージョンも引き続き閲覧できます
IMPORT_REFUSED_ROWS = { $rows }行はシステムに受け付けられませんでした。{ $file }に行ごとの理由があります。
IMPORT_NEEDS = 取り込みには、組織、人、勤務、記録を読み書きできるログインアカウントが必要です。たとえばロールgroup_hrを持つアカウントです

## Fields of requests

ROW_INVALID = { $problems }
INSTANT_IMPLAUSIBLE = { $first }年から{ $last }年までの日時を指定してください。年を確認してください
VALUE_MISSING = 必ず指定してください
AT_MOST = { $max }以下にしてください
NUMBER_FROM_TO = { $from }～{ $to }で指定してください
BEFORE_FROM = fromより前です
THROUGH_OR_NAMED = すべての組織を対象とする指定です。unit_idsを空にするか、この指定を外してください
THROUGH_BEFORE = 複数の日の最終日です。初日をas_ofに指定し、この日より後にしないでください
NOT_AFTER_START = startより後にしてください
CUT_OVER_MALFORMED = 00:00から11:59までのHH:MMで入力してください

## Attendance

NEVER_EMPLOYED = まだ在籍の登録がないため、どこに属するものか判断できません。人事に確認してください
PUNCH_REPEATED = 同じ時刻の打刻がすでに記録されています
FACT_SUPERSEDED = 訂正{ $id }ですでに修正されており、この記録は無効です。現在有効な記録を訂正してください
CORRECTION_WAITS = 同じ記録の訂正{ $id }が承認待ちです。先に承認、却下、または取り下げを行ってください
CORRECTION_NOT_WAITING =
    { $stage ->
        [approved] この訂正はすでに承認されています
        [rejected] この訂正は却下されました。あらためて申請してください
        [withdrawn] この訂正は取り下げられました。あらためて申請してください
       *[other] この訂正はすでに反映されています
    }
CORRECTION_OUTDATED = この申請の後に、訂正{ $id }で記録が修正されました。この申請は却下し、現在有効な記録についてあらためて申請してください
    .gone = この申請の後に、記録の保存が終了しました。この申請は却下してください
OWN_CORRECTION = 自分の記録の訂正は自分で承認または却下できません。ほかの人が行う必要があります
CORRECTION_OF_OTHERS = 訂正を取り下げられるのは申請した人だけです。代わりに却下してください
PERIOD_PURGED = { $day }より前の記録は保存されておらず、訂正できません
    .cycle = { $day }より前に始まる期間は、保存期間の満了で一部が削除された可能性のある{ $kind }に基づくため、評価サイクルを計算し直せません。誤りはTallyの外で処理してください
    .close = { $day }より前に始まる期間は、保存期間の満了で一部が削除された可能性のある{ $kind }に基づくため、欠けた分が気付かれないまま漏れてしまいます。{ $day }以降に始まる期間を選ぶか、先に{ $kind }の保存期間を延ばして（SetRetention）欠けた分を取り込んでください
    .row = { $day }より前の記録は保存されておらず、この行は存在しません。行を除くか、先に{ $kind }の保存期間を延ばしてください（SetRetention）
    .named = { $name }は存在せず、{ $day }より前の記録は保存されていません。除くか、先に{ $kind }の保存期間を延ばしてください（SetRetention）
ALREADY_DIFFERENT = { $why }。先にそれを訂正してください
FACT_IN_FUTURE = { $at }はまだ来ていません（現在{ $now }）。打刻や引き継ぎは、発生した後に訂正します。前もって予定する場合は、シフトを公開してください
LATE_CHANGE_UNEXPLAINED = このシフトはすでに始まっています。今変更する理由を入力してください
CORRECTION_ACTION_EXPECTED = add、void、moveのいずれか
ALIAS_DAY_OUTSIDE = 別名がこの人を指している日のいずれかにしてください
DEVICE_DAY_OUTSIDE = 端末がこの人または座席のものである日のいずれかにしてください
DEVICE_OWNER_EXPECTED = 端末は人（person_id）または座席（seat）のものです。どちらか一方を指定してください
HANDOVER_REPEATED = 同じ時刻の同じ引き継ぎがすでに記録されています
PERSON_UNKNOWN = 人{ $id }がいません。勤務のデータより先に人を取り込んでください
ACCOUNT_UNKNOWN = アカウント{ $id }がありません。先にアカウントを取り込んでください
    .file = { $account }はaccounts.csvにありません{ $hint }
PLACE_REGION_UNKNOWN = リージョン{ $region }にグループの組織はありません
PLACE_UNIT_UNKNOWN = グループに現在、組織{ $unit }はありません
PLACE_TEAM_NOT_UNIT = チーム{ $team }は組織{ $unit }ではありません。どちらかを外してください
PLACE_REGION_OF_UNIT = この組織があるのは{ $said }ではなくリージョン{ $is }です。リージョンを外してください
ACCOUNT_CONTRADICTS_ROW = { $key }の{ $fields }が、この呼び出しの前の行と矛盾しています。登録済みのアカウントの内容は変更されません
ACCOUNT_CONTRADICTS_STORED = { $key }の{ $fields }が、登録済みの内容と矛盾しています。登録済みのアカウントの内容は変更されず、追加できるのは後の日付のフェーズだけです
    .team = { $key }の{ $fields }が、登録済みの内容と矛盾しています。このアカウントは組織{ $unit }のもので、{ $team }は現在別の組織です。アカウントの組織の現在のパスか、unit_idだけを指定してください
    .closed = { $key }の{ $fields }が、登録済みの内容と矛盾しています。このアカウントは廃止されて現在パスのない組織{ $unit }のもので、{ $team }は別の組織です。チームを外し、unit_idだけを指定してください
ACCOUNT_OUT_OF_REACH = { $key }は、あなたが送れる範囲を超えています。除くか、権限のある人に送ってもらってください
FACT_OUT_OF_REACH = その日、この人はあなたが送れる範囲を超えています。当時チームを担当していた人か、グループの担当者が送ります
ALIAS_DIFFERENT = この別名は、同じ日付から、別の人（employee_no）と別の終了日（to）で登録されています
    .person = この別名は、同じ日付から、別の人（employee_no）で登録されています
    .end = この別名は、同じ日付から、別の終了日（to）で登録されています
DEVICE_DIFFERENT = この端末は、同じ日付から同じ人または座席のものとして、別の終了日（to）で登録されています
SHIFT_CANCELLED = このアカウントでのこの人の{ $start }からのシフトは取り消されており、シフト表の取り込みでは元に戻りません。あらためて予定する場合は、シフト{ $shift }を変更してください（ChangeShift）
SHIFT_DIFFERENT = このアカウントでのこの人の{ $start }からのシフトは、別の終了時刻で登録されています
    .seat = このアカウントでのこの人の{ $start }からのシフトは、別の座席で、またはこの行にある座席なしで登録されています
PUNCH_DIFFERENT = { $at }に、この人の逆向きの打刻（kind）があります
HANDOVER_DIFFERENT = { $at }には、ほかの人（employee_no）が行った記録があります。このアカウントを同時に保持できるのは1人だけです
    .kind = { $at }に、この人が逆の操作（kind）を行った記録があります
SITE_DIFFERENT = 拠点{ $name }は、別のタイムゾーン、日の切り替え時刻、またはリージョンで登録されています
ALIAS_OVERLAP = この別名は、期間の一部ですでに誰かを指しています。一方を終えてから、もう一方を始めてください
SLASH_NOT_ALLOWED = スラッシュは使えません。プラットフォーム、店舗、名前をつなぐのに使われます
PHASES_MISSING = アカウントの使い方を1つ以上指定してください
DIRECTION_EXPECTED = higherとlowerのどちらが良いかを指定してください
NORMALISATION_EXPECTED = 値を点数にする方法を指定してください：target_piecewise、min_max、percentile、t_score
PHASE_KIND_EXPECTED = shared、mixed、namedのいずれか
PHASE_TWICE = この日付から始まるフェーズが2つあります
HANDOVER_KIND_EXPECTED = takeまたはrelease
PUNCH_KIND_EXPECTED = inまたはout
SHIFT_TOO_LONG = シフトは{ $hours }時間未満にしてください
PERIOD_TOO_LONG = { $days }日までです
DUTY_VERSION_EXPECTED = 1、2、3のいずれか、最新の場合は0を指定してください
PUNCH_OF_SHIFT = { $start }に始まるあなたのシフトの打刻です
PUNCH_CAME = 今から勤務中です
PUNCH_LEFT = { $since }に始まった勤務を終了しました
PUNCH_STILL_IN = { $since }から勤務中のままでした。その勤務はここで終了し、新しい勤務が始まります
PUNCH_NOT_IN = 直近{ $hours }時間以内に出勤打刻がありません。打刻を忘れた場合は訂正を申請してください
PUNCH_NOT_PLANNED = この時刻の近くにあなたのシフトはありません
PUNCH_DRIFT = 端末の時計がサーバーと{ $seconds }秒ずれています。サーバーの時刻が適用されます
DUTY_DOUBLE_IN = { $number }は、退勤打刻のないまま{ $at }に再び出勤打刻をしました。最初の勤務はそこで終了とします
DUTY_IN_WITHOUT_OUT = { $number }は{ $at }に出勤打刻をしましたが、{ $hours }時間以内に退勤打刻がありません。この勤務は集計しません
DUTY_OUT_MAY_COME = { $number }の{ $at }の打刻は出勤とみなされますが、打刻は{ $last }までで退勤がありません。在勤とはならず、その勤務日のシフトは、対になった打刻が覆う部分だけ集計します
DUTY_LONE_IN = { $number }の{ $at }の打刻は出勤とみなされますが、{ $hours }時間以内に退勤がありません。在勤とはならず、その勤務日のシフトは、対になった打刻が覆う部分だけ集計します
DUTY_LONE_OUT = { $number }の{ $at }の打刻は退勤とみなされますが、その前{ $hours }時間以内に出勤がありません。在勤とはなりませんが、その勤務日のシフトは対になった打刻が覆う部分だけ集計し、引き渡しのない保持はそこで終了とします
DUTY_SHIFT_UNCOVERED = { $number }は{ $account }に{ $start }～{ $end }のシフトがあり、その勤務日に打刻していますが、このシフトを覆う対になった打刻がありません。不足する打刻が追加されるまで、このシフトは集計しません
DUTY_SHIFT_BARELY_COVERED =
    { $number }は{ $account }に{ $start }～{ $end }のシフトがあり、その勤務日に打刻していますが、{ $why ->
        [other] このシフトにかかる打刻は別のシフトのものです
       *[edge] 予定時間を覆う対になった打刻がありません
    }。不足する打刻が追加されるまで、シフトの端の{ $minutes }分までしか集計しません
DUTY_SHIFT_HELD_BY_OTHERS = { $number }は{ $account }に{ $start }～{ $end }のシフトがありますが、引き継ぎ記録では、数えるはずの時間にアカウントを保持していたのはほかの人だけです。このシフトは集計しません。{ $number }が対応していた場合は、引き受けと引き渡しを追加してください
DUTY_OUT_WITHOUT_IN = { $number }は{ $at }に退勤打刻をしましたが、その前{ $hours }時間以内に出勤打刻がありません。この打刻は集計しません
DUTY_OUT_AFTER_CLOSED_IN = { $number }の{ $at }の打刻は退勤とみなされますが、その前の出勤は{ $out }に終了しています。在勤とはならず、引き渡しのない保持はそこで終了とします
DUTY_SHIFT_NOT_EMPLOYED = { $number }は{ $account }に{ $start }～{ $end }のシフトがありますが、その時点で在籍していません。このシフトは集計しません。シフト表または在籍の日付を訂正してください
DUTY_PUNCH_NOT_EMPLOYED = { $number }は{ $at }に打刻しましたが、その時点で在籍していません。この打刻は集計しません。打刻または在籍の日付を訂正してください
DUTY_HOLD_NOT_EMPLOYED = { $number }は{ $at }に{ $account }を引き受けましたが、その時点で在籍していません。この保持は集計しません。引き継ぎまたは在籍の日付を訂正してください
DUTY_IN_AND_OUT_AT_ONCE = { $number }は{ $at }に出勤と退勤を同時に打刻しました。在勤とはなりません
DUTY_NOBODY = { $account }に関する証拠はありますが、期間内に勤務中の人がいません
DUTY_NO_EVIDENCE_V1 =
    期間内に{ $account }のシフト表、打刻、引き継ぎが一切ありません。すべての仕事をチーム全体で分け合います（{ $scope ->
        [all] 全員
       *[team] { $team }
    }、{ $people }人）。シフト表を公開するか、打刻してもらってください
DUTY_NO_EVIDENCE =
    期間内に{ $account }のシフト表、打刻、引き継ぎが一切ありません。チーム全体を勤務中とみなします（{ $scope ->
        [all] 全員
       *[team] { $team }
    }、{ $people }人）。シフト表を公開するか、打刻してもらってください
DUTY_RELEASE_WITHOUT_TAKE = { $number }は保持していない{ $account }を{ $at }に引き渡しました。この引き渡しは集計しません
DUTY_NEVER_RELEASED =
    { $number }は{ $since }に{ $account }を引き受け、引き渡していません。保持は{ $end }で終了とします（{ $by ->
        [release] 引き渡しによる
        [punch_out] 次の退勤打刻による
        [roster] シフト表の終わりによる
        [too_long] 許される最長時間による
       *[taken_again] 次の引き受けによる
    }）
DUTY_NO_RELEASE_KNOWN =
    { $number }は{ $since }に{ $account }を引き受けましたが、その後の引き渡しの記録がありません。保持は{ $end }で終了とします（{ $by ->
        [release] 引き渡しによる
        [punch_out] 次の退勤打刻による
        [roster] シフト表の終わりによる
        [too_long] 許される最長時間による
       *[taken_again] 次の引き受けによる
    }）
DUTY_TAKEN_AGAIN =
    { $number }は{ $since }に{ $account }を引き受け、引き渡さないまま{ $again }に再び引き受けました。保持は{ $end }で終了とします（{ $by ->
        [release] 引き渡しによる
        [punch_out] 次の退勤打刻による
        [roster] シフト表の終わりによる
        [too_long] 許される最長時間による
       *[taken_again] 次の引き受けによる
    }）
DUTY_HELD_BY_TWO =
    { $first }と{ $second }が{ $from }から{ $until }まで{ $account }を同時に保持していました。{ $why ->
        [exclusive] 同時に保持できるのは1人だけです
       *[unreleased] 先の人が引き渡していません
    }

## What to do about findings

FINDING_ADVICE =
    { $kind ->
        [NO_DUTY_EVIDENCE] アカウントのシフト表を取り込むか、担当者に打刻または引き継ぎをしてもらい、帰属計算をもう一度実行してください
        [UNHELD_ACCOUNT] その時に対応した人のシフト、または不足する打刻や引き受けを追加してください。ほかのアカウントの記録は移動してください（MoveRecord）
        [OVERLAP] ほかの人が引き受けた時点で保持していなかった人の引き渡しを追加してください（CorrectHandover）
        [MISSING_RELEASE] 引き渡しを追加してください（CorrectHandover）
        [RELEASE_WITHOUT_TAKE] この引き渡しに対応する引き受けを追加するか、引き渡しを無効にしてください（CorrectHandover）
        [DOUBLE_IN] 2回目の出勤の前に退勤を追加するか、どちらかを無効にしてください（CorrectPunch）
        [MISSING_PUNCH] 不足する打刻を追加するか、単独の打刻を無効にしてください（CorrectPunch）
        [UNCOVERED_SHIFT] シフトの打刻を追加するか（CorrectPunch）、誰も来なかった場合は取り消してください（CancelShift）
        [BARELY_COVERED_SHIFT] シフトの不足する打刻を追加するか（CorrectPunch）、時間を変更してください（ChangeShift）
        [HELD_BY_OTHERS] シフト表どおりに対応した人の引き受けと引き渡しを追加するか（CorrectHandover）、シフトを取り消してください（CancelShift）
        [NOT_EMPLOYED] シフト表、打刻、引き継ぎ、または在籍の日付を修正してください（ChangeEmployment）
        [TAG_OFF_DUTY] 記録に名前のある人のシフトまたは打刻を追加するか、本来のアカウントに記録を移動するか（MoveRecord）、正しい名前とより大きいリビジョンで送り直してください
        [NAMED_WITHOUT_AGENT] 担当者の名前とより大きいリビジョンを付けて、記録を送り直してください
        [MIXED_WITHOUT_TAG] 担当者の名前とより大きいリビジョンを付けて記録を送り直すか、シフト表どおりのままにしてください
        [TOO_FEW_TO_INFER] 対応は不要です。引き継ぎや記録の名前があると、誰が対応したかをより正確に判断できます
        [DID_NOT_SETTLE] 対応は不要です。引き継ぎがあると、誰が対応したかをより正確に判断できます
        [SEVERAL_AT_ONCE] 返信の時刻を送るか、会話の担当申告をしてもらってください。記録の名前があっても、誰が対応したかをより正確に判断できます
        [TOO_FEW_REPLIES] 件数の少ない月であれば対応は不要です。記録の名前や担当申告があると、誰が対応したかをより正確に判断できます
        [REPLIES_TOO_DENSE] 記録の10分の1に名前を付けるか、クリックで担当申告をするか（MakeClaim）、登録済みの端末で返信し（ImportDevices）、休憩を打刻してもらってください
        [EVIDENCE_UNEVEN] アカウントの全員が同じように、クリックでの担当申告（MakeClaim）、署名、または登録済みの端末での返信（ImportDevices）を行うようにしてください
        [CLOCK_WITHOUT_SECONDS] 返信の時刻を秒まで書き出してください
        [CLAIM_OFF_DUTY] 誰がクリックしたか、またその日の打刻とシフト表を確認してください
        [CLAIM_WITHOUT_RECORD] 記録が送られたか、また担当申告の時計を確認してください
        [CLAIMS_DIFFER] 誰が対応したかを本人たちに確認し、記録に担当者名を入れてください
        [DEVICE_OFF_DUTY] 端末が誰のものか、またその日の打刻とシフト表を確認してください
        [DEVICE_OF_SEVERAL] 端末がいつからいつまで誰のものかを登録してください
        [DEVICE_OF_NOBODY] その日に端末が誰のものかを、記録にある名前で登録するか（ImportDevices）、座席のシフトを組んでください
        [EVIDENCE_NOT_READ] これらを読み取るポリシーのバージョン3を指定するか、指定せずに最新のものを使ってください。そのままにすると、その月はこれらを使わずに帰属を決めます
        [REPLY_OUTSIDE_RECORD] 記録の開始と終了、および返信の時計を確認してください
        [BREAKS_NOT_PUNCHED] 休憩の前に退勤、後に出勤を打刻してもらうか（RecordPunch）、アカウントを引き継いでもらってください
        [CLOCKS_APART] 席の時計を合わせてください。正しい時刻で保存する場合は、メッセージを書き出し直してください
        [UNKNOWN_AGENT] その名前が誰のものかを登録するか（ImportAliases）、正しい名前で記録を送り直してください
        [ACCOUNT_UNKNOWN] アカウントを取り込むか（ImportAccounts）、本来のアカウントに記録を移動してください（MoveRecord）
        [POPULATION_CHANGED] 以前の対象者のままにする場合を除き、評価サイクルをもう一度締めてください（CloseCycle）
        [AMOUNTS_CONVERTED] 対応は不要です。レートに誤りがある場合は、正しいレートを登録し（SetRates）、帰属計算をもう一度実行してください
        [MEASURE_NOT_SENT] 文に示されたデータを送るか、評価制度からその指標を外してください
        [OBSERVATIONS_BEYOND_PERIOD] 観測値を取り消し（WithdrawObservation）、期間ごとに分けて送るか、すべての日を含む期間を締めてください
        [OBSERVATIONS_UNREAD] 正しい名前で送り直してこれらを取り消すか（WithdrawObservation）、評価制度でその測定値を使ってください。後で使うために残している場合、対応は不要です
        [REFUND_EXCEEDS_SALE] 正しい金額とより大きいリビジョンで返金を送り直すか、取り消してください（WithdrawRecord）。返金が正しい場合は、売上を実際の金額で送り直してください
        [CONTRIBUTOR_UNKNOWN] その名前が誰のものかを登録するか（ImportAliases）、正しい共同対応者とより大きいリビジョンで記録を送り直してください
        [CONTRIBUTOR_OFF_DUTY] 自分の勤務時間外に手伝った場合、対応は不要です。それ以外の場合は、シフトまたは打刻を追加するか、正しい共同対応者とより大きいリビジョンで記録を送り直してください
        [CONTRIBUTORS_NOT_SPLIT] このような記録を分け合う場合は、按分のあるポリシーを指定してください。そのままでも、共同対応者は保存されています
        [STANDARD_WITHDRAWN] 使用中の標準に従う評価制度の新しいバージョンを作成し（適合する内容はListRefinementsで確認できます）、それで評価サイクルを作成して締めるか、公開済みの評価サイクルを訂正してください（CorrectCycle）。その月を以前の標準で評価する場合は、そのままにしてください
       *[other] 示された内容を確認し、誤りがあれば修正して、帰属計算をもう一度実行してください
    }
FIX_REFUSED = 修正は受け付けられませんでした：{ $why }
FINDING_WITHOUT_FIX = 種類{ $kind }の検出事項を1回で修正する呼び出しはありません。対処方法の説明に従ってください

## Performance

CYCLE_CLOSING = 評価サイクルは現在締め処理中です。完了を待つか、先に中止してください
CYCLE_PUBLISHED = 評価サイクルは公開済みで、変更されることはありません。結果を変える必要がある場合は、CorrectCycleで訂正してください
CYCLE_NOT_CLOSING = 評価サイクルは締め処理中ではないため、中止するものがありません
CYCLE_NOT_REVIEWABLE = 評価サイクルに公開できる結果がありません。先に締めてください
CYCLE_WITHOUT_RESULT = 評価サイクルにまだ結果がありません。締め処理を行い、確認できるようになるまでお待ちください
PERIOD_WITHOUT_RECORDS = { $from }から{ $to }までに始まる対応記録が、どのアカウントにもありません。この期間の記録を取り込むか、別の期間の評価サイクルを作成してください
    .part = { $from }から{ $to }までに始まる対応記録が、この組織のアカウントにも、所属者が対応したアカウントにもありません。この期間の記録を取り込んでください。記録がある場合は、アカウントにこの組織のチームを指定し、対応した人の在籍を訂正してください。チームがほかの組織に移った場合は、移動先の組織がその月を締めます
NOBODY_CREDITED = { $records }件の記録は、誰にも帰属させることができませんでした。期間内のシフト表、打刻、または引き継ぎを取り込んでから、もう一度締めてください
    .unemployed = { $from }から{ $to }までに在籍している人がいないため、{ $records }件の記録は誰にも帰属させることができませんでした。在籍または期間を訂正してから、もう一度締めてください
    .elsewhere = 対象者の誰にも記録が帰属していません。帰属計算が読み取った記録は、対象外の人に帰属しています（{ $records }件中{ $elsewhere }件）。誰がなぜ対象かを確認し（PreviewPopulation）、在籍、または記録の根拠となるアカウント、担当者、シフト表を訂正してから、もう一度締めてください
CYCLE_REFUSED = { $message }
CYCLE_GIVEN_UP = 締め処理を何度か試みましたが、完了できませんでした（{ $reason }）。もう一度締めてください。再び失敗する場合は、運用担当者に連絡してください
STEP_QUEUED = ワーカーを待っています
STEP_COLLECTING = 人、アカウント、勤務を集めています
STEP_ATTRIBUTING = 記録を人に帰属させています
STEP_SCORING = スコアカードを作成しています
RUN_RESTS = 帰属計算はすでに終了しているため、停止するものがありません
RUN_NOT_DONE = 帰属計算に結果がありません。完了を待つか、新たに実行してください
RUN_DIFFERS = 帰属計算の日付またはポリシーが評価サイクルと異なります。同じ条件の帰属計算を指定するか、指定せずに新しく実行させてください
RUN_COVERS_PART = 帰属計算の対象が一部のアカウントまたは組織で、評価サイクルの全体ではありません。評価サイクルの組織またはその上位の組織を対象とする帰属計算を指定するか、指定せずに新しく実行させてください
    .moved = { $day }（as_of）時点で評価サイクルの対象である{ $people }人が、{ $last }時点では、対応していたアカウントとともに別の組織に属しています。{ $unit }まで権限の及ぶ人に帰属計算を実行してもらって（StartAttributionRun）指定するか（attribution_run_id）、最終日をas_ofに指定してください
    .moved_group = { $day }（as_of）時点で評価サイクルの対象である{ $people }人が、{ $last }時点では、対応していたアカウントとともに別の組織に属しています。グループ人事にグループ全体の帰属計算を実行してもらって（StartAttributionRun）指定するか（attribution_run_id）、最終日をas_ofに指定してください
RUN_AWAITED = この帰属計算を使って評価サイクルを締めているところです。代わりに評価サイクルの締め処理を中止してください
RUN_OUTDATED = 帰属計算が読み取った後に{ $account }の記録が変更されており、評価制度は帰属計算で集計されていない列を使います。新たに帰属計算を実行するか、帰属計算を指定せずに締めてください
RUN_WITHOUT_RATES = 評価制度には通貨の指定がありますが、この帰属計算は為替レートの保存が始まる前のものです。帰属計算を指定せずに評価サイクルを締めるか、新たに帰属計算を実行してください
    .on = { $account }の{ $day }の記録{ $record }は別の通貨ですが、開始時に対象とした、または当時使用中だった評価制度がそこまで遡らないため、帰属計算はその日の為替レートを保存していません。帰属計算を指定せずに評価サイクルを締めるか、新たに帰属計算を実行してください
RUN_STOPPED = 帰属計算は停止されました。評価サイクルをもう一度締めてください
RUN_BELONGS_ABOVE =
    { $own ->
        [0]
            この組織の人が{ $units ->
                [0] ほかの組織
               *[other] { $beyond }
            }のアカウントに対応しています
       *[other]
            { $units ->
                [0] ほかの組織
               *[other] { $beyond }
            }の人が同じアカウントに対応しています（{ $accounts }）
    }。一緒に対応した人の帰属は一緒に決めます。{ $unit }の帰属計算を、権限の及ぶ人に実行してもらい（StartAttributionRun）、それを使って締めてください（CloseCycleにattribution_run_idを指定）
    .group =
        { $own ->
            [0]
                この組織の人が{ $units ->
                    [0] ほかの組織
                   *[other] { $beyond }
                }のアカウントに対応しています
           *[other]
                { $units ->
                    [0] ほかの組織
                   *[other] { $beyond }
                }の人が同じアカウントに対応しています（{ $accounts }）
        }。一緒に対応した人の帰属は一緒に決めます。グループ全体の帰属計算をグループ人事に実行してもらい（StartAttributionRun、組織の指定なし）、それを使って締めてください（CloseCycleにattribution_run_idを指定）
SCHEME_OF_ANOTHER_UNIT = この評価制度は、評価サイクルとは別の組織のものです。グループ、この組織、またはその上位の組織の評価制度を選んでください
POPULATION_EMPTY = 評価サイクルの対象者がいません。誰が対象で誰が対象外かをPreviewPopulationで確認し、別の組織、役職、等級、または人を指定してください
POPULATION_UNIT_BEYOND = { $unit }は、その日、評価サイクルの組織でもその配下でもありません
POPULATION_PERSON_BEYOND = { $person }は、その日、評価サイクルの組織にもその配下にも属していません
POPULATION_PERSON_UNKNOWN = グループにIDが{ $person }の人はいません。ListPeopleでIDを確認してください
POPULATION_AS_OF_OUTSIDE = { $day }は評価サイクルの期間外です。{ $from }から{ $to }までの日を指定してください。指定しない場合は{ $to }になります
STANDARD_WITHDRAWN = 評価制度「{ $scheme }」は標準「{ $standard }」のバージョン{ $version }から派生しており、これは{ $from }から使用停止です。それでも評価サイクルはこの制度で評価されます
    .instead = 評価制度「{ $scheme }」は標準「{ $standard }」のバージョン{ $version }から派生しており、これは{ $from }から使用停止で、代わりにバージョン{ $instead }を使うことになっています。それでも評価サイクルはこの制度で評価されます
POPULATION_CHANGED = 締め処理中に対象者に加わった、または対象者から外れた人です
    .came = 現在は対象者ですが、締め処理の開始時には対象外だったため、スコアカードがありません。この人を含めるには、評価サイクルをもう一度締めてください
    .left = 締め処理の開始時は対象者でしたが、現在は対象外で、スコアカードがあります。この人を外すには、評価サイクルをもう一度締めてください
CYCLE_OR_RUN = 評価サイクルか帰属計算のどちらか一方だけを指定してください
RUN_GONE = この実行は中止されました
WORKER_GONE = ワーカーが停止しました
TIME_OF_DAY_MALFORMED = 「{ $text }」は時刻ではありません。04:00のように入力してください
RULES_VERSION_UNKNOWN = 「{ $version }」はルールのバージョンではありません。1、2、3のいずれかを入力してください
RULES_VERSION_DIFFERS = 指定しないか、policy.versionと同じ{ $version }を指定してください
ACCOUNT_ELSEWHERE =
    アカウント{ $account }はリージョン{ $region }にあり、{ $unit ->
        [none] どの組織にも属していません
       *[other] 組織{ $unit }に属しています
    }。そのとおりに指定してください
EXTERNAL_ID_MISSING = external_idが空です。プラットフォームでの記録のIDを入力してください
RECORD_TEXT_TOO_LONG = { $field }が長すぎます。{ $max }文字までです
MEASURE_TOO_LONG = 測定値が長すぎます。{ $max }文字までです
MEASURES_TOO_MANY = 測定値の一覧が長すぎます。{ $max }個までです
RECORD_TIME_MISSING = { $field }がないか、時刻ではありません
INTERVAL_BACKWARDS = 終了{ $ended }が開始{ $started }より前です。どちらかを訂正してください
RECORD_TIME_IMPLAUSIBLE = { $field }が{ $first }年から{ $last }年の範囲にありません。年を確認してください
INTERVAL_TOO_LONG = { $started }から{ $ended }まで続いていますが、記録は{ $days }日以内です。日付を訂正してください
AMOUNT_OUT_OF_RANGE = 金額が最小通貨単位で{ $most }を超えています。単位を確認してください
REPLY_OUT_OF_RANGE = 最初の返信までの時間が{ $most }秒を超えています。単位を確認するか、指定を外してください
MEASURE_OUT_OF_RANGE = 測定値「{ $name }」の整数部が{ $digits }桁を超えています。単位を確認してください
AMOUNT_NEGATIVE = 金額が負です。どの記録の返金かをrefers_toに指定してください
REFUND_TAKES_NOTHING = refers_toがあるため返金ですが、金額が負ではありません。返金額をマイナスで入力するか、refers_toを空にしてください
REFERS_TO_NOTHING = { $id }が参照する{ $other }は、このアカウントの記録ではありません。先に、または同じ呼び出しで送ってください
REFERS_TO_REFUND = { $id }が参照する{ $other }は、それ自体が返金です。実際に対応した記録を指定してください
REFERENCE_FIXED = { $id }は、別の記録を参照するか、何も参照しない記録としてすでに存在します。それを取り消し、別のIDで返金を送ってください
REPLY_RECORD_UNKNOWN = このアカウントに記録{ $id }がないか、あなたが取り込めない日のものです。先に記録を取り込むか、IDまたはアカウントを訂正してください
    .account = { $account }はアカウントのIDではありません。一覧に示されているとおりに入力してください
REPLIES_MISSING = { $id }にメッセージがありません。1件以上送るか、行を除いてください
REPLY_SIDE_MISSING = byがありません。担当者と顧客のどちらが書いたかを指定してください
REPLIES_TOO_MANY = { $id }のメッセージが{ $count }件になりますが、1つの記録は{ $most }件までです。1つのIDが複数の会話に使われていないか確認してください
    .import = 1回の呼び出しで送れるメッセージは{ $most }件までですが、{ $count }件あります。複数回に分けて送ってください
CLAIM_NAMES_BOTH = 記録と顧客の両方が指定されています。どちらか一方を指定するか、アカウントの次の記録の場合は両方とも外してください
CLAIM_OUT_OF_REACH = アカウント{ $account }の担当申告は、あなたが送れる範囲を超えています。除くか、権限のある人に送ってもらってください
CLAIM_WITHDRAWN = { $at }の担当申告は取り消されています（{ $why }）。除いてください
OBSERVATION_OUT_OF_REACH = { $name }は、あなたが送れる範囲を超えています。除くか、権限のある人に送ってもらってください
CONTRIBUTORS_MALFORMED = contributors：「{ $text }」は誰も示していません。ロールと、従業員番号またはニックネームを、セミコロンなしで入力してください
    .role = contributors：「{ $text }」はロールではありません。first_answer、closer、after_salesのいずれかを使ってください
    .twice = contributors：{ $text }が2回あります。1つのロールに各人1回だけ指定してください
    .many = contributors：1つの記録に指定できる{ $max }人を超えています
SPLIT_NOT_WHOLE = 配分の合計が100万分の{ $sum }で、1000000ではありません。合計が1つの記録になるように、各ロールの配分を指定してください
RECORD_CURRENCY_UNKNOWN = 「{ $code }」はISO 4217の通貨ではありません。JPYのように入力するか、グループの通貨の場合は空にしてください
REVISION_OUT_OF_RANGE = リビジョン{ $revision }が{ $most }を超えています。より小さい値を送ってください
REVISION_TWICE = revisionとrevised_atの両方があります。どちらか一方を送ってください
REVISION_STALE = { $id }にはリビジョン{ $there }がすでにあり、{ $sent }より新しいものです。こちらが正しい場合は、より大きいリビジョンで送ってください
    .unsaid = { $id }にはリビジョン{ $there }がすでにありますが、この行にはリビジョンがありません。こちらが正しい場合は、より大きいリビジョンで送ってください
RECORD_WITHDRAWN = { $id }は取り消されています（{ $why }）。除くか、元に戻す場合はより大きいリビジョンで送ってください
    .already = { $id }はすでに取り消されています（{ $why }）。対応は不要です
RECORD_MOVED = { $id }は別のアカウントに移動されています（{ $why }）。そのアカウントに送ってください
    .already = { $id }は別のアカウントに移動されています（{ $why }）。移動先はListRecordVersionsで確認できます。それが正しい場合、対応は不要です
RECORD_OUT_OF_REACH = { $id }は、その日について、あなたが取り込める範囲を超えています。その日にアカウントのチームを担当していた人か、グループに取り込んでもらってください
RATING_OUT_OF_RANGE = 顧客評価{ $rating }（1000分の1点単位）が10点を超えています
MEASURE_MALFORMED = 測定値「{ $name }」には、重複しない名前と、数値またはテキストのどちらかが必要です
ROWS_CONTRADICT = この呼び出しに{ $id }の行が複数あり、内容が異なります。正しい行だけを送ってください
ID_WITH_UNSEEN = { $field }に目に見えない文字{ $character }が含まれています。削除してください
    .here = 目に見えない文字{ $character }が含まれています。削除してください
DIFFERENT_CONTENT = { $id }はすでに別の内容で存在します（{ $columns }）。こちらが正しい場合は、より大きいリビジョンで送ってください
COLUMN_DIFFERS = { $column }：登録済み{ $there }、こちら{ $here }
    .hidden = { $column }
NO_VALUE_THERE = なし
MOVED_TO_ITSELF = 記録はすでにこのアカウントにあります。本来のアカウントを指定してください
RECORD_REFERRED_TO = 返金{ $refund }が{ $id }を参照しています。先に返金を取り消してください
REFUND_MOVES_WITH_RECORD = { $id }は{ $other }の返金です。その記録を移動すると、返金も一緒に移動します
RECORD_THERE_ALREADY = 移動先のアカウントに別の記録{ $id }があるか、以前ありました。上書きはされません。誤っているほうを取り消してください
RECORD_RATE_MISSING = { $account }の記録{ $record }は{ $currency }ですが、この帰属計算は為替レートの保存が始まる前のものです。帰属計算を指定せずに評価サイクルを締めるか、新たに帰属計算を実行してください
    .on = { $account }の記録{ $record }は{ $from }ですが、{ $day }の{ $from }と{ $to }の為替レートがありません。その日以前からのレートを出典付きで登録し（SetRates）、評価サイクルが公開済みの場合はもう一度訂正し、そうでない場合は帰属計算を指定せずに、または後から開始した帰属計算を指定して、もう一度締めてください。以前の帰属計算は保存済みのレートをそのまま使います
    .look = { $account }には{ $day }から{ $from }の売上がありますが、その時点の{ $from }と{ $to }の為替レートがありません。その日以前からのレートを出典付きで登録してください（SetRates）
RECORD_ELSEWHERE = この組織のものではないアカウントの記録が計算できません（{ $why }）。グループに同じ日付の評価サイクルを締めてもらうと記録が示されます。それを修正してもらい、帰属計算を指定せずに、または後から開始した帰属計算を指定して、もう一度締めてください。以前の帰属計算は読み取り済みの記録とレートをそのまま使います
RECORD_AMOUNT_TOO_LARGE = { $account }の記録{ $record }の金額は、{ $to }の最小通貨単位で{ $most }を超え、計算できる範囲を超えています。金額またはその日のレートを訂正してから、もう一度締めてください
SCHEDULE_UNIT_STAYS = 定期締めの組織は変更できません。別の組織には別の定期締めを作成してください
SCHEDULE_AS_OF = 定期締めでは、毎月、月の最終日に対象者を決めます。日付の指定を外してください
SCHEDULE_DAY = { $day }は月の日ではありません。1～31で入力してください。その日がない月では最終日になります
SCHEDULE_DELAY = 事前確認から締めまで待てるのは{ $most }分までです
    .dry = 事前確認を行う定期締めでは、何分後に締めるかを1～{ $most }で指定します。事前確認を行わない場合は0を指定します
SCHEDULE_RUN_CLOSES = この実行は評価サイクルの締め処理中です。代わりに評価サイクルの締め処理を中止してください
SCHEDULE_RUN_ENDED = この実行は終了しています。停止するものはありません
SCHEDULE_MONTH_THERE = この月はすでに開始されています。実行が失敗または停止した場合に、もう一度開始できます
SCHEDULE_MONTH_NOT_OVER = 定期締めのタイムゾーンでは、この月はまだ終わっていません。終わってから開始してください
SCHEDULE_THERE = 定期締め{ $schedule }が同じ内容で、毎月2回締めることになります。そちらを変更するか（UpdateSchedule）、意図した設定であれば別の名前を付けてください
SCHEDULE_MAKER_MAY_NOT = この定期締めを最後に作成した人は、ここで評価サイクルを作成して締める権限を失っています。権限のある人に作成し直してもらい（UpdateSchedule）、今月分は手動で開始してください（BeginScheduleRun）
SCHEDULE_BEGAN = { $due }に予定されていた{ $month }を開始しました
SCHEDULE_LEFT_OUT = それより前の{ $months }か月分は、予定から{ $most }か月以上過ぎているため自動では締めません。必要な場合は手動で締めてください
SCHEDULE_LOOKED =
    事前確認：対象者{ $people }人、アカウント{ $accounts }件、この月の前後の記録{ $records }件、{ $findings ->
        [0] 問題なし
       *[other] 検出事項{ $findings }件（{ $kinds }）
    }
    .everybody =
        事前確認：対象者はグループ全員、アカウント{ $accounts }件、この月の前後の記録{ $records }件、{ $findings ->
            [0] 問題なし
           *[other] 検出事項{ $findings }件（{ $kinds }）
        }
SCHEDULE_WAITS = { $until }までは締めません。先に修正するものがある場合は、この実行を停止してください
SCHEDULE_WOULD_FAIL = 現状では締め処理は拒否されます：{ $why }。それまでに届いた内容は反映されます
SCHEDULE_MAY_FAIL = 現状では、この組織の人に帰属した場合、締め処理は拒否されます：{ $why }。それまでに届いた内容は反映されます
SCHEDULE_AWAITS_RUN = この組織またはその上位の組織の{ $from }～{ $to }について、期間の終了後に開始された帰属計算を待っています。そこで帰属計算を実行するか（StartAttributionRun）、そこで評価サイクルを締めてください
    .early = この組織またはその上位の組織の{ $from }～{ $to }の帰属計算を待っています。最新の{ $run }は期間の終了前に開始されています。そこで新たに実行してください（StartAttributionRun）
    .differs = この組織またはその上位の組織の{ $from }～{ $to }の帰属計算を待っています。最新の{ $run }は、この定期締めとポリシーが異なります。定期締めのポリシーで実行するか（StartAttributionRun）、定期締めを変更してください（UpdateSchedule）
    .part = この組織またはその上位の組織の{ $from }～{ $to }の帰属計算を待っています。最新の{ $run }は、締める対象の一部しか含んでいません。全体を対象に実行してください（StartAttributionRun）
SCHEDULE_SCORES_FROM = 帰属計算{ $run }から評価します
SCHEDULE_CLOSES = 評価サイクル{ $cycle }を作成し、締めています
    .again = 完了しなかった評価サイクル{ $cycle }をもう一度締めています
SCHEDULE_DONE = 締めました：スコアカード{ $people }人、記録{ $records }件のうち誰にも帰属しないもの{ $nobody }件、検出事項{ $findings }件。確認して、問題がなければ公開してください
SCHEDULE_FAILED = 完了できませんでした：{ $why }
SCHEDULE_AGAIN = 手動でもう一度開始しました
SCHEDULE_STOPPED = 手動で停止しました
SCHEDULE_DELETED = 定期締めが削除されたため停止しました
SCHEDULE_CYCLE_CANCELLED = 評価サイクルの締め処理が中止されました
OBSERVATION_WITHOUT_MEASURE = measureが空です。評価制度で使う測定値の名前を入力してください
OBSERVATION_WITHOUT_SUBJECT = 対象が指定されていません。人、組織、アカウント、店舗、キャンペーンのいずれかを指定してください
    .id =
        { $kind ->
            [person] 人
            [unit] 組織
           *[account] アカウント
        }のIDが正しくありません。一覧に示されているとおりに入力してください
OBSERVATION_SUBJECT_UNKNOWN =
    { $kind ->
        [person] 人{ $key }は登録されていません。訂正するか、先に取り込んでください
        [unit] 組織{ $key }はこの期間にも現在にもなく、所属した人もいません。組織を訂正するか、期間より前に廃止された場合は日付を訂正するか、先に組織を取り込んでください
        [account] アカウント{ $key }は登録されていません。訂正するか、先に取り込んでください
       *[store] 店舗{ $key }のアカウントは登録されていません。訂正するか、先に取り込んでください
    }
OBSERVATION_UNIT_CLOSED = 組織{ $unit }は廃止され、{ $last }が最終日でした。日付をその日までにするか、組織を訂正してください
    .into = 組織{ $unit }は廃止され、{ $last }が最終日で、所属者は{ $into }に移りました。日付をその日までにし、それ以降の観測値は移動先の組織として送ってください
    .later = 組織{ $unit }は{ $from }から始まります。日付または組織を訂正してください
OBSERVATION_RESERVED = 「{ $measure }」はシステムが自ら観測します。除くか、測定値に別の名前を付けてください
OBSERVATION_UNIT_NOT_HERE =
    unit_idはキャンペーンの実施組織を示すものですが、これは{ $kind ->
        [person] 人
        [unit] 組織
        [account] アカウント
       *[store] 店舗
    }に関する値です。指定を外してください
OBSERVATION_WITHOUT_TIME = 時点（at）か、初日と、2日以上の場合は最終日（from、to）が必要です。どちらか一方を指定してください
    .date = { $field }は日付ではありません。2026-03-31のように入力してください
OBSERVATION_BACKWARDS = 終了日{ $to }が開始日{ $from }より前です。どちらかを訂正してください
OBSERVATION_TOO_LONG = { $from }～{ $to }に関する値ですが、観測値は{ $most }日以内です。日付を訂正してください
OBSERVATION_TIME_IMPLAUSIBLE = { $field }が{ $first }年から{ $last }年の範囲にありません。年を確認してください
OBSERVATION_WITHOUT_NUMBER = 「{ $text }」は小数点以下6桁までの数値ではありません。訂正してください
OBSERVATION_OUT_OF_RANGE = 値の絶対値が{ $most }を超えています。単位を確認してください
OBSERVATION_DIFFERENT = { $name }には{ $source }による値{ $other }がすでにありますが、こちらは{ $of }による{ $value }です。こちらが正しい場合は、より大きいリビジョンで送ってください
OBSERVATION_WITHDRAWN = { $name }は取り消されています（{ $why }）。除くか、元に戻す場合はより大きいリビジョンで送ってください
SCHEME_WITHOUT_INDICATORS = 指標が1つ以上必要です
NAME_TWICE = 「{ $name }」が2回あります
WEIGHTS_NOT_HUNDRED = ウェイトの合計が100ではなく{ $sum }です。合計がちょうど100になるように変更してください
WEIGHT_NOT_POSITIVE = { $weight }は0より大きくありません。指標を外してください
MEASURE_TOO_LARGE = { $account }の記録{ $record }の測定値「{ $column }」は{ $value }で、大きすぎて計算できません（正負とも9000000000000まで）。記録を訂正するか、評価制度から指標を外してください
    .row = { $text }は大きすぎて計算できません。正負とも{ $most }までです
MEASURE_TOO_LARGE_CURE = 数値を訂正するか、この列を測る指標をscheme.yamlから外してください
MEASURE_UNKNOWN = 「{ $measure }」は、組み込みの測定値（credited_records、first_reply_within_30s、resolved、rating_at_least_4、amount）でも、記録の数値列でもありません
BOUNDS_OF_NOTHING = 評価制度に指標「{ $kpi }」がありません。制度内の指標のキーを入力してください
BOUNDS_BACKWARDS = 最小値{ $min }が最大値{ $max }より大きくなっています。入れ替えてください
BOUNDS_WITHOUT_OWN = 評価制度自体の値{ $own }が{ $min }～{ $max }の範囲外です。範囲に含まれるように広げてください
BOUNDS_EXTRA = { $most }は0より大きく100未満の値ではありません
REFINED_BEYOND = { $value }は、標準「{ $standard }」が認める範囲（{ $min }～{ $max }）を超えています
    .target = 標準「{ $standard }」が認めるのは{ $min }～{ $max }の数値です
REFINED_FIXED = 標準「{ $standard }」で定められています。標準のとおりに入力してください
    .value = 標準「{ $standard }」で定められているのは{ $value }ではなく{ $fixed }です
REFINED_DEFINITION = 「{ $measure }」の定義は標準「{ $standard }」で定められています。定義をそのまま写してください
    .column = 標準「{ $standard }」では「{ $measure }」を同じ名前の列から取ります。定義に別の名前を付けてください
    .extra = 標準「{ $standard }」が認める「{ $measure }」は、カタログの定義によるものです。定義を外すと、カタログから写されます
REFINED_MEASURE = 標準「{ $standard }」の「{ $kpi }」は{ $measure }を測ります。それを測るか、この指標に別のキーを付けてください
WEIGHT_BOUND_TWICE = weightの範囲か、増減幅のweight_withinの、どちらか一方だけを指定してください
WEIGHT_BOUND_BELOW_0 = 増減幅は0以上の数値で指定してください
WEIGHT_BOUND_TOO_LARGE = 計算できる範囲を超えています。100以下で指定してください
REFINED_LEFT_OUT = 「{ $kpi }」がありません。標準「{ $standard }」では外すことができません
REFINED_EXTRA = 「{ $kpi }」は標準「{ $standard }」の指標ではありません。この標準では指標を追加できません
REFINED_EXTRA_MEASURE = 「{ $measure }」は、標準「{ $standard }」に追加する指標で測れる対象ではありません。測れるのは{ $measures }です
REFINED_EXTRA_SHARE = 標準「{ $standard }」に追加した指標のウェイトは合計{ $sum }で、認められる{ $most }を超えています
SCHEME_PARENT_NOT_ABOVE = 派生元にできるのは、グループまたは上位の組織の評価制度です。そのような制度を指定するか、指定しないでください
SCHEME_WITHDRAWN = 評価制度「{ $name }」は{ $from }から使用停止です。別の制度を選ぶか、別の名前で作成してください
    .version = 「{ $name }」のバージョン{ $version }は{ $from }から使用停止です。別のバージョンを選んでください
    .version_none = 「{ $name }」のバージョン{ $version }は{ $from }から使用停止で、その時点で使用中のほかのバージョンもありません。別の評価制度を選ぶか、新しいバージョンを作成してもらってください
    .version_for = 「{ $name }」のバージョン{ $version }は{ $from }から使用停止です。バージョン{ $instead }を選んでください
    .parent = 派生元である「{ $name }」のバージョンは{ $from }から使用停止です。別のバージョンか、別の評価制度から派生させてください
    .parent_none = 派生元である「{ $name }」のバージョンは{ $from }から使用停止で、ほかのバージョンも同様です。別の評価制度から派生させるか、派生元を指定しないでください
    .parent_for = 派生元である「{ $name }」のバージョンは{ $from }から使用停止です。バージョン{ $version }から派生させてください
SCHEME_WITHDRAWN_ALREADY = すでに{ $from }から使用停止になっています
SCHEME_NOT_INSTEAD = バージョン{ $version }を代わりに使うことはできません。使用中の別のバージョンを指定してください。指定できるのは1つのバージョンを停止する場合だけです
SCHEME_IMPORTED = この評価制度は{ $region }から来たもので、そこで作成されています。そこで変更し、ファイルをもう一度取り込んでください
SCHEME_OF_A_UNIT = この評価制度は組織のもので、そのリージョンにとどまります。グループの評価制度を書き出してください
STANDARD_DIFFERS = ここにある「{ $name }」のバージョン{ $version }は内容が異なります。バージョンの内容が変わることはありません。どちらが正しいかを、作成元の環境に確認してください
    .withdrawal = ここでの「{ $name }」の使用停止日は異なります。どちらが正しいかを、作成元の環境に確認してください
STANDARD_NOT_FROM = この評価制度は{ $region }の環境で作成されたものではありません。作成元の環境のファイルを取り込んでください
SCHEME_NAME_TAKEN = ここでは、グループに「{ $name }」という別の評価制度があります。作成元で標準に別の名前を付けてください
SCHEME_NAME_UNKNOWN = ここでは、グループに「{ $name }」という評価制度がありません。名前はListSchemesで確認できます
STANDARD_IMPORTED = { $region }の「{ $name }」：最新はバージョン{ $version }、新規{ $written }件、変更なし{ $unchanged }件
STANDARD_MANDATORY = ここの評価制度は、必須の標準のいずれかから派生している必要があります。次のいずれかを派生元に指定してください：{ $standards }
TARGET_MISSING = 数値またはteam_medianが必要です
TARGET_NOT_POSITIVE = { $target }は0より大きくありません
FLOOR_NOT_BELOW_CAP = 下限{ $floor }が上限{ $cap }より小さくありません
SMALL_SAMPLE_NOT_HERE = 平均に寄せられるのは、比率と平均値だけです
QUOTAS_NOT_WHOLE = 割合の合計は、ちょうど100万分の1000000にしてください
BANDS_OUT_OF_ORDER = 区分は良いものから順に、下の区分ほど点数が高くならないように書いてください
BANDS_NOT_HERE = 区分を使えるのはforced_distributionだけです
GRADES_OUT_OF_ORDER = 評語は良いものから順に、min_scoreが下がるように書いてください
GRADES_MIXED = すべての評語にmin_scoreを指定するか、すべての評語に割合を指定してください
MEASURE_OF_EXPECTED = 測定値を何から取るかを指定してください：record、observation、ratio、sum、repeat、trend、team
AGGREGATION_EXPECTED = 複数の値を1つにまとめる方法を、このリリースで使える集計方法で指定してください
OBSERVED_OF_EXPECTED = 何についての観測かを指定してください：人、組織、アカウント、店舗、キャンペーン
MEASURES_DEFINED_TOO_MANY = 評価制度で定義できる測定値は{ $most }個までです。どの指標でも使わないものを外してください
MEASURE_BUILT_IN = 「{ $name }」は組み込みの測定値です。定義に別の名前を付けてください
MEASURE_VALID_BACKWARDS = 初日{ $from }が最終日{ $to }より後です。入れ替えてください
MEASURE_VALUE_MISSING = 記録の値が必要です：first_reply_seconds、duration_seconds、resolved、rating、amount、または数値の列
MEASURE_OF_RESOLVED = resolvedは「はい」か「いいえ」です。割合を取るか、記録を数えてください
MEASURE_COLUMN_UNKNOWN = 「{ $column }」は記録の数値列ではありません
MEASURE_TEST_MISSING = しきい値が必要です：at_most、at_least、below、above、equal
MEASURE_TEST_NOT_HERE = しきい値を使えるのは、割合か、値による記録数または顧客数だけです。外してください
MEASURE_HOURS_EMPTY = 時間帯の開始と終了が同じ時刻です。終日数える場合は外してください
MEASURE_HOURS_NOT_HERE = 時間帯の中だけを数えられるのは、first_reply_secondsまたはduration_secondsの秒数だけです。時間帯の中で始まる記録を数えてください
MEASURE_SESSION_TOO_LONG = 1つの問い合わせとみなす間隔は{ $most }分までです
MEASURE_SESSION_NOT_HERE = 合計ではすべての記録を使い、顧客はもともと1回だけ数えます。sessionを外してください
MEASURE_ADDS_NOT_UP = 「{ $measure }」は件数でも合計でもないため、割る数にも割られる数にもできません。足し合わせられるものを指定してください
MEASURE_SUM_EMPTY = 合計する測定値が1つ以上必要です
MEASURE_FACTOR_ZERO = 係数0は測定値を除くのと同じです。外してください
MEASURE_COUNT_EXPECTED = 「{ $measure }」は、評価制度で定義された記録の件数ではありません。繰り返しは記録の中で調べます
MEASURE_DAYS_BEYOND = 繰り返しを調べる期間は1～{ $most }日です
MEASURE_PART_UNKNOWN = 「{ $measure }」は、評価制度で定義されておらず、組み込みでもありません。あわせて定義するか、名前を訂正してください
MEASURE_OF_ITSELF = 「{ $measure }」はそれ自体から計算されています。計算元から外してください
MEASURE_NAME_RESERVED = 「{ $prefix }」で始まる名前は、全員に共通の測定値のものです。別の名前にしてください
MEASURE_NAME_TAKEN = 「{ $name }」という測定値がすでにあります。それを変更するか、別の名前にしてください
MEASURE_NAME_FIXED = この測定値の名前は「{ $name }」で、変更できません。新しい名前で別に定義し、これを使用停止にしてください
MEASURE_RETIRED = カタログで使用停止になっています：{ $measures }。別の測定値を指定するか、その名前の測定値を評価制度の中で定義するか、使用を再開してください（UpdateMeasure）
MEASURE_RETIRED_ALREADY = 「{ $name }」はすでに使用停止です
MEASURE_NEEDED = カタログのほかの測定値が「{ $name }」から計算されており、成り立たなくなります。先に{ $by }を変更するか、使用停止にしてください
SUPPLIED_MEASURE =
    { $key ->
        [first_reply_seconds] 最初の返信までの秒数
        [presale_first_reply_within_30s] 購入前：30秒以内の最初の返信
        [aftersale_resolved] 購入後：解決
        [handling_seconds] 会話の秒数
        [rating] 顧客評価
        [solved] 解決した記録
        [customers] 顧客数
        [buyers] 購入した顧客数
        [orders] 注文数
        [presale_records] 購入前の記録
        [conversion] 成約率
        [order_value] 注文単価
        [repeat_purchase_30d] 30日以内の再購入
        [second_conversion_7d] 最初の問い合わせから7日以内の成約
        [complaints] クレーム件数
        [complaint_rate] クレーム率
       *[other] { $key }
    }
SCHEME_TEMPLATE_UNKNOWN = 「{ $name }」という評価制度のテンプレートはありません。{ $names }から選んでください
TEMPLATE_TITLE =
    { $name ->
        [agent] カスタマーサービス担当者
        [operations] 店舗運営
       *[service-manager] カスタマーサービス管理者
    }
TEMPLATE_ABOUT =
    { $name ->
        [agent] 顧客対応を行う人向け：対応量、最初の返信、解決、顧客評価、成約、品質チェック、時間の遵守
        [operations] 店舗を運営する人向け：訪問者、成約、キャンペーン売上、注文あたりの費用、成長。すべて観測値で、対応記録は不要です
       *[service-manager] 担当者をまとめる人向け、4つの観点：対応品質、チーム、業績、革新
    }
NOBODY_TO_SCORE = 評価する対象者がいません。期間内に帰属した記録がありません
PERSON_TWICE = 人{ $person }が2回あります
SCHEME_WITHOUT_DATA = データがないか、目標となる中央値が0より大きくないため、誰のどの指標も評価できませんでした（どちらであるかは各スコアカードにあります）
SCHEME_WITHOUT_DATA_CURE = 記録に合った指標と目標を選んでください
MEASURE_NOT_SENT =
    「{ $measure }」のデータを持つ人がいないため、その指標は誰についても集計しません。{ $what ->
        [records] 対象となる種類と時間帯の記録がありません
        [known] { $column }を対応記録と一緒に送ってください
       *[column] 列{ $column }を対応記録と一緒に送ってください
    }
    .observation = 「{ $measure }」のデータを持つ人がいないため、その指標は誰についても集計しません。期間の観測値を送ってください
    .past = 「{ $of }」の過去の値を持つ人がいないため、「{ $measure }」の指標は誰についても集計しません。この評価制度による同じ長さの過去の評価サイクルが公開されると、集計されるようになります
    .team = 「{ $measure }」のデータを持つ人がいないため、その指標は誰についても集計しません。率いるチームの中に{ $of }のデータを持つ人がいません
OBSERVATIONS_BEYOND_PERIOD = 「{ $measure }」の観測値{ $count }件が{ $from }～{ $to }の期間を超えており、集計しません。観測値は、そのすべての日を含む期間で集計します
OBSERVATIONS_UNREAD = 期間内の「{ $measure }」の観測値{ $count }件は集計しません。この評価制度にも、使用中のほかの評価制度にも、この測定値を使う指標がありません
    .near = 期間内の「{ $measure }」の観測値{ $count }件は集計しません。この評価制度にも、使用中のほかの評価制度にも、この測定値を使う指標がありません（{ $near }のことですか？）
INDICATOR_TOO_LARGE = { $people }の数値が大きすぎて計算できないため、指標{ $indicator }は誰についても集計しません
    .apart = 数値の差が大きすぎて計算できないため、指標{ $indicator }は誰についても集計しません
INDICATOR_TOO_LARGE_CURE = 金額と測定値の通貨と単位を確認するか、指標をscheme.yamlから外してください
NUMBER_TOO_LARGE = 人{ $person }のスコアが大きすぎて計算できません。評価制度の下限と上限を確認してください
    .grades = 評語の割合が大きすぎて計算できません。小さくしてください
    .unit = 組織{ $unit }の数値が大きすぎて計算できません。所属者のスコアカードを確認してください
    .pool = 賞与原資の金額または配分が大きすぎて計算できません。金額とルールを確認してください
    .part = 賞与原資の第{ $place }枠のウェイトが大きすぎて計算できません。スコアとルールを確認してください
    .person = 賞与原資の第{ $place }枠で、人{ $person }のスコアが大きすぎて計算できません。スコアとルールを確認してください
CARD_MEASURE =
    { $measure ->
        [credited_records] 帰属した記録
        [first_reply_within_30s] 30秒以内の最初の返信
        [resolved] 解決
        [rating_at_least_4] 顧客評価4以上（5点満点）
        [amount] 売上金額
       *[other] { $kpi }
    }
CARD_DEFINED = { $name }（{ $what }）
CARD_VALUE =
    { $kind ->
        [records] { $value }件
        [customers] 顧客{ $value }人
        [percent] { $value }%
        [own] { $value } { $unit }
        [standard]
            { $value } { $unit ->
                [points] 点
               *[currency] { $unit }
            }
       *[bare] { $value }
    }
CARD_LINE_DROPPED =
    { $name }：{ $why ->
        [nobody] 期間内にデータを持つ人がいないため、全員について除外します
        [person] この人のデータがないため、ここでは除外します
        [too_large] 数値が大きすぎて計算できないため、全員について除外します
        [past] この人に、比べられる0以外の過去の値がないため、ここでは除外します
        [too_large_elsewhere] ほかの人の数値が大きすぎて計算できないか、グループ内の数値の差が大きすぎるため、全員について除外します
       *[target] 目標となる中央値が0より大きくないため、除外します
    }。ウェイト{ $weight }は、ほかの指標に比例して割り振られます。
CARD_AGAINST = { $value }（比較対象：{ $past }）
CARD_PAST = { $measure } { $values }
CARD_PAST_VALUE = { $from }～{ $to }は{ $value }
CARD_LINE_NOT_SCORED = { $name }：評価なし。
CARD_LINE =
    { $name }：{ $measured }{ $filled }。{ $points }{ $limit ->
        [cap] （上限）
        [floor] （下限）
       *[none] { "" }
    }。ウェイト{ $weight }%{ $spread ->
        [yes] （評価制度では{ $scheme_weight }、除外された指標から割り振られた分を含む）
       *[no] { "" }
    }を掛けて{ $weighted }点。
CARD_MEASURED = 記録{ $records }件で{ $value }
CARD_NOT_MEASURED = 測定なし
CARD_SMALL_SAMPLE = 。{ $below }件未満のため、不足分を平均（{ $group }）とみなして{ $adjusted }
CARD_POINTS_BY_TARGET =
    目標{ $target }（{ $basis ->
        [scheme] 評価制度の設定
        [team] チーム{ $people }人の中央値
       *[group] チームの人数が少ないため、全{ $people }人の中央値
    }）に対して{ $points }点
CARD_POINTS_BY_PLACE =
    { $by ->
        [target] 目標
        [min_max] 全体の最低と最高の間での位置
        [percentile] 自分を上回らない人の割合
        [t_score] 全体の平均との差（標準偏差）
       *[band] 順位の区分
    }により{ $points }点
CARD_CHANGE =
    { $kind ->
        [rate_more] あと{ $step }ポイントの上昇
        [rate_less] あと{ $step }ポイントの低下
        [records_more] 帰属する記録あと{ $step }件の増加
        [records_fewer] 帰属する記録あと{ $step }件の減少
        [more] あと{ $amount }の増加
       *[less] あと{ $amount }の減少
    }
CARD_NEXT =
    { $effect ->
        [capped] { $change }があっても加点されません。上限に達しています。
        [nothing] { $change }だけでは加点されません。
       *[points] { $change }で{ $gain }点加わります。
    }
CARD_SUMMARY = スコア{ $score }、{ $of }人中{ $rank }位{ $grade }{ $collaboration }。
CARD_GRADE = 、評語{ $grade }
CARD_COLLABORATION = 。うち協力による点{ $points }：記録{ $credited }件中{ $outside }件が自分のシフトまたはチームの外
DEFINED =
    { $what }{ $few ->
        [yes] 、{ $min_count }件以上
       *[no] { "" }
    }{ $valid ->
        [between] 、{ $from }から{ $to }まで有効
        [from] 、{ $from }から有効
        [to] 、{ $to }まで有効
       *[ever] { "" }
    }
DEFINED_RECORDS =
    { $aggregation ->
        [mean] { $value }の平均
        [sum] { $value }の合計
        [share] { $value }{ $test }の記録の割合
        [count] 記録の件数
        [count_of] { $value }{ $test }の記録の件数
        [distinct] 顧客数
       *[distinct_of] { $value }{ $test }の記録の顧客数
    }{ $kinds }{ $hours }{ $session }
DEFINED_VALUE =
    { $value ->
        [first_reply_seconds] 最初の返信までの秒数
        [duration_seconds] 開始から終了までの秒数
        [resolved] 問題が解決済み
        [rating] 顧客評価
        [amount] 売上金額
       *[column] { $value }
    }
DEFINED_GIVEN = が入力済み
DEFINED_TEST =
    { $is ->
        [at_most] が{ $threshold }以下
        [at_least] が{ $threshold }以上
        [below] が{ $threshold }未満
        [above] が{ $threshold }超
       *[equal] が{ $threshold }ちょうど
    }
DEFINED_KINDS = 、種類は{ $kinds }
DEFINED_HOURS =
    、{ $from }～{ $to }{ $counts ->
        [begun] に開始
       *[inside] の時間だけを計算
    }
DEFINED_SESSION = 、{ $minutes }分以内の間隔が続く問い合わせごとに最初の1件
DEFINED_OBSERVATION =
    { $subject ->
        [person] 人
        [unit] 組織
        [account] アカウント
        [store] 店舗
       *[campaign] キャンペーン
    }の観測値の{ $aggregation ->
        [sum] 合計
        [mean] 平均
       *[last] 最後の値
    }
DEFINED_RATIO =
    { $of } / { $per }{ $percent ->
        [yes] （パーセント）
       *[no] { "" }
    }
DEFINED_SUM = { $parts }の合計
DEFINED_PART = { $factor } × { $of }
DEFINED_REPEAT = { $of }のうち、顧客がその前{ $days }日以内に{ $after }に該当した割合
DEFINED_TREND = { $of }の、本人の過去と比べた増減率
DEFINED_TEAM =
    { $aggregation ->
        [mean] 日ごとのチームでの{ $of }の平均
        [share] 日ごとのチームで、{ $of }{ $test }の人の割合
       *[sum] 日ごとのチームでの{ $of }の合計
    }
CARD_CHANGED = 訂正前：{ $before } 訂正後：{ $after }
CARD_CAME = スコアカードができました：{ $after }
CARD_WENT = スコアカードがなくなりました。訂正前：{ $before }
CARD_CREDITED_CHANGED = 帰属した記録：訂正前{ $before }、訂正後{ $after }。
CARD_LINE_CHANGED = { $name }：訂正前{ $before }、訂正後{ $after }。
CARD_LINE_CAME = { $name }：集計の対象になりました：{ $after }。
CARD_LINE_WENT = { $name }：集計の対象外になりました：訂正前{ $before }。
CARD_STANDING = { $measured }、{ $points }点、ウェイト{ $weight }%で{ $weighted }
    .dropped = { $measured }、評価なし
CARD_WORKED_OUT_ANEW = スコアは同じです。別の数値から計算し直しました。
LADDER_REFUND = { $refund }は{ $sale }の返金です。帰属はその記録と同じで、その金額から差し引きます
LADDER_BEGAN =
    { $at }に{ $account }で開始。{ $phase ->
        [shared] その日は共有アカウント
        [mixed] その日は共有から記名への移行中
       *[named] その日は記名アカウント
    }。
LADDER_TAG_NONE = 担当者名：プラットフォームの記録にはありません。
LADDER_TAG_UNKNOWN = 担当者名：プラットフォームの記録は「{ $agent }」ですが、その日に在籍する該当者がいないか、複数います。
LADDER_TAG = 担当者名：プラットフォームの記録は「{ $agent }」、つまり{ $person }です。記録はこの人のものです。
LADDER_NAMED_WITHOUT = 記名アカウントでは担当者名と引き継ぎだけを根拠としますが、どちらもありません。誰にも帰属しません。
LADDER_DUTY_NONE = 勤務：その時点で、アカウントを保持している人も勤務中の人もいません。
LADDER_DUTY = 勤務：{ $list }。
LADDER_DUTY_ANSWERED = 返信時の勤務：{ $list }。
    .unheld = 勤務：開始時にアカウントを保持している人も勤務中の人もいません。返信時は、{ $list }。
LADDER_ON_DUTY =
    { $person }が{ $rule ->
        [handover] 引き継ぎで保持
        [roster] シフト表で担当
        [punch] チームの一員として出勤打刻
       *[team] チームの一員
    }、{ $from }～{ $to }［{ $evidence }］
LADDER_SHARES = { $before }、{ $share }
LADDER_BY_SESSION = 同じ顧客の同じ問い合わせの別の記録に担当者名があるため、この記録もそれに従います：{ $shares }。
LADDER_BY_TAG = 担当者名により帰属：{ $shares }。
LADDER_BY_HANDOVER = 引き継ぎによりアカウントを保持していたのは1人：{ $shares }。
LADDER_SOLE = 勤務中は1人：{ $shares }。
LADDER_INFERRED = 勤務中は複数人。誰がほかの記録に対応中だったか、また各人の働き方から区別：{ $shares }。
LADDER_EQUAL = 勤務中は複数人で、区別する材料が足りないため均等に配分：{ $shares }。
LADDER_TEAM = アカウントに勤務の証拠がまったくないため、チームで配分：{ $shares }。
LADDER_NOBODY = そのため、誰にも帰属しません。
LADDER_CONTRIBUTORS = 共同対応者：{ $list }。
LADDER_CONTRIBUTOR =
    { $role ->
        [first_answer] 最初の返信
        [closer] 成約
       *[after_sales] 購入後の対応
    }：「{ $agent }」、つまり{ $person }
LADDER_CONTRIBUTOR_UNKNOWN =
    { $role ->
        [first_answer] 最初の返信
        [closer] 成約
       *[after_sales] 購入後の対応
    }：「{ $agent }」、その日に在籍する該当者がいないか、複数います
LADDER_SPLIT = ルール「{ $version }」に従い、ロールにより帰属：最初の返信{ $first_answer }、成約{ $closer }、購入後の対応{ $after_sales }。担う人のいないロールの分は、ほかのロールに比例して配分：{ $shares }。
LADDER_BY_SPLIT = ロールにより帰属：{ $shares }。
LADDER_BY_CLAIM = クリックで担当申告あり：{ $shares }。
LADDER_CLICKED = { $person }が{ $at }にクリック。
LADDER_BY_DEVICE = 当時1人のものだった端末{ $device }で対応：{ $shares }。
LADDER_BY_REPLIES = 勤務中は複数人で、それぞれ複数の会話に同時に対応。返信の時刻から区別：{ $shares }。
LADDER_BY_TAG_SHARE = 勤務中は複数人で、それぞれ複数の会話に同時に対応。時刻の近い、担当者名のある記録の割合で配分：{ $shares }。
LADDER_NOT_SPLIT = ポリシーでは、示されたロールに配分がありません。共同対応者がいないものとして記録の帰属を決めます。
LADDER_WORTH = このアカウントでは、記録の約{ $now }がほかの人に帰属していると見込まれます。休憩が打刻されれば約{ $breaks }、返信の30%に端末があれば約{ $devices }、記録の半分に担当申告があれば約{ $claims }です。今月の不確かさから見込んだもので、保証ではありません。
WHY = { $second }（{ $rest }%）ではなく{ $first }（{ $part }%）：{ $what }。
WHY_AGAINST =
    { $why }{ $sign ->
        [hands] 直前の返信からの間隔は{ $second }を示していました。
        [thread] それまでの会話は{ $second }を示していました。
        [profile] 返信の種類は{ $second }を示していました。
       *[device] 端末は{ $second }を示していました。
    }
WHY_SOMEBODY = ほかの人
WHY_SECONDS = { $count }秒
WHY_MINUTES = { $count }分
WHY_HOURS = { $count }時間
WHY_DAYS = { $count }日
WHY_HANDS = { $one }、{ $other }
    .short = { $one }、{ $other }。もう1件返信するだけの時間がほとんどありません
    .usual = { $one }、{ $other }。この間隔は{ $first }のほうが一般的です
WHY_WROTE = { $who }の直前の返信は{ $pause }前
WHY_NOT_YET = { $who }は{ $pause }前に勤務に入り、まだ返信なし
WHY_THREAD = { $first }は{ $pause }前にこの顧客に返信した可能性が高い
WHY_PROFILE = { $first }は{ $second }より、{ $wait }待った顧客によく返信します
    .first = { $first }は{ $second }より、{ $wait }待った顧客への最初の返信をよく行います
    .again = { $first }は{ $second }より、顧客の新しいメッセージなしに、返信の{ $wait }後にもう一度送ることが多くあります
    .unasked = { $first }は{ $second }より、まだ何も書いていない顧客にメッセージを送ることが多くあります
WHY_WAIT =
    { $class ->
        [0] 5分未満
        [1] 5～20分
        [2] 20～60分
        [3] 1～4時間
        [4] 4～24時間
       *[other] 1日以上
    }
WHY_DEVICE = 書き込みに使われた端末は{ $first }のものです
    .same = { $first }は以前にも同じ端末で書いた可能性が高い
WHY_DUTY = 返信{ $all }件のうち、勤務中だったのは{ $first }が{ $count }件、{ $second }が{ $other }件
WHY_NAMES = 前後1時間以内で、担当者名があり、それぞれが勤務中だった記録のうち、{ $first }は{ $all }件中{ $count }件、{ $second }は{ $others }件中{ $other }件
    .all = このアカウントで、担当者名があり、それぞれが勤務中だった記録のうち、{ $first }は{ $all }件中{ $count }件、{ $second }は{ $others }件中{ $other }件
WHY_TOGETHER = 単独で決め手となるものはなく、前後のすべての返信をあわせて判断しています
WHY_TOO_FEW_REPLIES = 区別できません。返信の時刻がある記録がこのアカウントに少なく、学習に足りません。
WHY_TOO_DENSE = 区別できません。このアカウントでは返信の間隔が短すぎて時刻だけでは判断できず、担当者名、担当申告、登録済みの端末のある記録も足りません。
WHY_CLOCK_WITHOUT_SECONDS = 区別できません。このアカウントの返信時刻には、信頼できる秒がありません。
WHY_NO_REPLY_TIMES = 区別できません。それぞれが複数の会話に同時に対応している可能性があり、勤務中に書かれたこの会話への返信が確認できません。
CREDIT_ACCOUNT_UNKNOWN = 勤務データにないアカウントの記録{ $records }件を除外しました
CREDIT_UNKNOWN_AGENT = { $records }件の記録にある担当者名「{ $agent }」は、その日に在籍する該当者がいないか、複数います。名前がないものとして扱います
CREDIT_NO_EVIDENCE = シフト表、打刻、引き継ぎが一切ありません。{ $records }件の記録をチームで配分します
CREDIT_NOBODY_ON_DUTY = 勤務中の人がいない間に{ $records }件の記録がありました。誰にも帰属しません
CREDIT_TAG_OFF_DUTY = { $records }件の記録に、その時勤務中でなかった{ $person }の名前があります。名前を優先します
CREDIT_NAMED_WITHOUT_AGENT = 記名アカウントの記録{ $records }件に担当者名がありません。引き継ぎによるもの以外は誰にも帰属しません
CREDIT_MIXED_WITHOUT_TAG = 移行中のアカウントの記録{ $records }件に担当者名がありません。共有アカウントと同じように帰属を決めます
CONTRIBUTOR_UNKNOWN = { $records }件の共同対応は「{ $agent }」によるものですが、その日に在籍する該当者がいないか、複数います。その分はほかの共同対応者に配分します
CREDIT_CONTRIBUTOR_OFF_DUTY = { $records }件の記録で、開始時に勤務中でなかった{ $person }が共同対応者になっています。名前を優先します
CREDIT_CONTRIBUTORS_NOT_SPLIT = { $records }件の記録に共同対応者がありますが、ポリシーではそのロールに配分がありません。共同対応者は保存し、記録の帰属は共同対応者がいないものとして決めます
CREDIT_TOO_FEW_TO_INFER = { $records }件の記録では複数の人が勤務中でしたが、推定するには少なすぎます。均等に配分します
CREDIT_DID_NOT_SETTLE = { $records }件の記録の推定が収束しませんでした。均等に配分します
CREDIT_SEVERAL_AT_ONCE = { $records }件の記録では、複数の会話に同時に対応する人が複数勤務中でした。均等に配分します
CREDIT_TOO_FEW_REPLIES = { $records }件の記録に返信の時刻がありますが、1人あたりの件数が少なく、複数の会話に同時に対応する人を区別できません。返信ごとに、その時勤務中の人に均等に配分します
CREDIT_REPLIES_TOO_DENSE = { $records }件の記録があるアカウントでは、返信の間隔が短すぎて時刻だけでは人を区別できず、誰のものか示すものがある返信も10分の1に足りません。返信ごとに、その時勤務中の人に均等に配分します
CREDIT_EVIDENCE_UNEVEN = { $records }件の記録に、誰のものか示すものがありません。このアカウントでは、署名、担当申告、登録済みの端末での返信の割合が人によって大きく異なり、{ $person }が最も少なくなっています。示されていない割合に応じて重み付けします
    .equal = { $records }件の記録に、誰のものか示すものがありません。このアカウントでは、担当申告や登録済みの端末での返信の割合が人によって大きく異なり、{ $person }が最も少なくなっています。均等に配分しますが、{ $person }がほかの人と同じだけ働いている場合は少なすぎます
CREDIT_CLOCK_WITHOUT_SECONDS = { $records }件の記録への返信のうち、秒が0ちょうどのものが10分の1を超えており、その時計は信頼できません。返信ごとに、その時勤務中の人に均等に配分します
CREDIT_CLAIM_OFF_DUTY = { $person }は勤務中でない時に{ $records }件の会話を担当申告しました。申告は集計しません
CREDIT_CLAIM_WITHOUT_RECORD = { $person }は記録のない{ $records }件の会話を担当申告しました。申告は集計しません
CREDIT_CLAIMS_DIFFER =
    { $person }が{ $at }に{ $record }を担当申告しましたが、{ $second }も{ $before }に申告しています。どちらの申告も決め手としません{ $more ->
        [0] { "" }
       *[other] 。その日のほかの記録{ $more }件も同様です
    }
    .tag =
        { $person }が{ $at }に{ $record }を担当申告しましたが、プラットフォームの記録は{ $second }です。記録の名前を優先します{ $more ->
            [0] { "" }
           *[other] 。その日のほかの記録{ $more }件も同様です
        }
CREDIT_DEVICE_OFF_DUTY = その時勤務中でなかった{ $person }の端末{ $device }が{ $records }回使われました。集計しません
    .there = その時{ $place }で勤務中だった{ $person }の端末{ $device }が{ $records }回使われました。集計しません
    .elsewhere = ここで勤務したことのない人の端末{ $device }が{ $records }回使われました。集計しません
DEVICE_BOUND_TO_SEVERAL = { $from }から、端末{ $device }は同時に複数の人または座席のものになっています。登録は保存しますが、その間にこの端末で書かれた内容は誰のものか示しません
    .ever = 端末{ $device }は最初から、同時に複数の人または座席のものになっています。登録は保存しますが、その間にこの端末で書かれた内容は誰のものか示しません
CREDIT_DEVICE_OF_SEVERAL =
    端末{ $device }は同時に{ $more ->
        [0] { $first }と{ $second }
       *[other] { $first }、{ $second }、ほか{ $more }人
    }のものになっており、{ $records }回使われました。集計しません
    .beyond = 端末{ $device }は同時に{ $person }とここで勤務したことのない人のものになっており、{ $records }回使われました。集計しません
    .unknown = 端末{ $device }は同時に複数の人のものになっており、{ $records }回使われました。集計しません
DEVICE_OF_NOBODY =
    { $devices ->
        [1] 誰にも登録されていない端末{ $device }が{ $records }回使われました
       *[other] 誰にも登録されていない端末{ $devices }台（{ $device }など）が{ $records }回使われました
    }。同じ人が書いたものだということしか分かりません
    .near = 誰にも登録されていない端末{ $device }が{ $records }回使われましたが、登録済みの{ $near }は一度も使われていません。こちらのことですか？
    .seat = 座席{ $seat }の端末{ $device }が、その座席に誰のシフトもない間に{ $records }回使われました。当時は誰のものでもありません
    .ended = 端末{ $device }が、登録の最終日{ $to }より後に{ $records }回使われました。当時は誰のものでもありません
    .coming = 端末{ $device }が、登録の初日{ $from }より前に{ $records }回使われました。当時は誰のものでもありません
EVIDENCE_NOT_READ = ポリシーのバージョン{ $version }は、担当申告、端末、メッセージの時刻を読み取りません。今月このアカウントには、担当申告{ $claims }件、メッセージの時刻のある記録{ $replies }件、記録またはメッセージに示された端末{ $devices }台があります
CREDIT_REPLY_OUTSIDE_RECORD = { $records }件の返信が、記録の開始より前または終了より後です。集計しません
BREAKS_NOT_PUNCHED = { $people }人の延べ{ $days }勤務日が途切れのない勤務になっていますが、その間、ほかの人が働いているのに2時間以上ほとんど仕事がありません。休憩が打刻されれば、ほかの人に帰属していると見込まれるこのアカウントの記録は、約{ $now }ではなく約{ $breaks }になります
CREDIT_CLOCKS_APART = { $records }件の記録のメッセージの時計は、記録の時計より{ $minutes }分{ $seconds }秒進んでいます。その分早い時刻として読み取ります
    .behind = { $records }件の記録のメッセージの時計は、記録の時計より{ $minutes }分{ $seconds }秒遅れています。その分遅い時刻として読み取ります
AMOUNTS_CONVERTED =
    { $records }件の記録の金額を{ $from }から{ $to }に換算しました。それぞれ現地の日付のレートを使い、端数処理は1回です：{ $rates }{ $more ->
        [0] { "" }
       *[other] 、ほか{ $more }件
    }
REFUND_EXCEEDS_SALE =
    { $sales }件の売上で返金額が売上額を超えており、マイナスとして集計します：{ $named }{ $more ->
        [0] { "" }
       *[other] 、ほか{ $more }件
    }
REGION_SAME = 転送先には{ $region }以外のリージョンを指定してください
REPORT_NOT_A_MONTH = レポートは暦月単位ですが、評価サイクルは{ $from }～{ $to }です。1か月の評価サイクルを作成してください
NOTHING_TO_TELL = 開示できる組織がありません。どの組織も5人未満か、差し引きで5人未満の内容が分かってしまいます
TRANSFER_NOT_PREPARED =
    この転送はすでに{ $stage ->
        [prepared] 承認待ち
        [approved] 承認済み
        [released] 送出済み
        [withdrawn] 取り下げ済み
       *[rejected] 却下済み
    }です
TRANSFER_NOT_APPROVED = この転送は、ほかの人の承認を待っています
TRANSFER_DROPPED =
    この転送は{ $stage ->
        [withdrawn] 取り下げ済み
       *[rejected] 却下済み
    }です。新たに準備してください
TRANSFER_RELEASED = この転送はすでに送出されています。開示した内容は取り戻せません
TRANSFER_STALE = その間にこの月の別のレポートが送出されており、両方をあわせると5人未満の内容が分かってしまいます。準備し直してください
TRANSFER_MALFORMED = ここで必要なファイルではないか、一部が欠けています。ReleaseTransferまたはExportStandardが出力したファイル全体を送ってください
TRANSFER_SIGNATURE_WRONG = ファイルは{ $region }の環境によって署名されていません。改変されたか、その新しい公開鍵がここにありません
REGION_KEY_UNKNOWN = { $region }の公開鍵がここにありません。そのperformance.pubを、鍵フォルダーにregions/{ $region }.pubとして置いてください
TRANSFER_OF_ANOTHER_GROUP = このファイルは別のグループのものです
TRANSFER_ALREADY_EXISTS = このファイルはすでに取り込まれています
TRANSFER_KIND_EXPECTED = 何を転送するかを指定してください：レポートまたはディレクトリ

## Compensation

CYCLE_NOT_PUBLISHED = スコアはまだ変わる可能性があります。先に評価サイクルを公開してください
    .report = 評価サイクルが公開されていません。レポートは確定した内容だけを示します
    .correct = 評価サイクルが公開されていないため、訂正するものがありません。もう一度締めると、現在有効な内容が読み込まれます
RESULT_VERSION_UNKNOWN = 評価サイクルにそのバージョンの結果がないか、その時点では公開されていません。バージョンはListCardVersionsで確認してください
VERSION_TWICE = バージョンか日時のどちらか一方を指定してください
CYCLE_CORRECTION_UNDERWAY = この評価サイクルの訂正{ $cycle }が未公開で、理由または評価制度のバージョンが異なります。その内容で申請して計算し直すか、公開するか（PublishCycle）、破棄して（CancelCycle）もう一度申請してください
CORRECTION_CHANGES_NOTHING = すべてのスコアカードが公開済みの内容と同じため、公開するものがありません。訂正を破棄し（CancelCycle）、評価サイクルの根拠となる内容が修正されてから、もう一度申請してください
ACCOUNTS_EXPECTED = アカウントを1つ以上、{ $most }個まで指定してください
ACCOUNT_UNKNOWN_HERE = 照会できるアカウント{ $account }はありません。ListAccountsでIDを確認してください
UNIT_UNKNOWN_HERE = 帰属計算の対象範囲に組織{ $unit }はありません。ListOrgUnitsでIDを確認するか、上位の組織で帰属計算を実行してもらってください
ACCOUNTS_OR_SCHEME = アカウントと評価制度は、どちらか一方だけです。一方を外してください
POOL_WITHOUT_PEOPLE = 賞与原資の支給対象者がいません。評価サイクルに、賞与原資の組織のスコアカードがありません
POOL_OUTSIDE_CYCLE = 賞与原資は、評価サイクルの組織またはその配下の組織に属します。そのような組織を指定するか、評価サイクルの組織の場合は指定しないでください
PAY_OUTSIDE_UNIT = 評価サイクルにスコアカードがある{ $count }人が、評価サイクルの最終日に賞与原資の組織に属していません：{ $people }。組織が支給するのは自組織の人だけです。これらの人を除いた対象者で評価サイクルを締めてください
    .correction = 評価サイクルにスコアカードがある{ $count }人が、評価サイクルの最終日に賞与原資の組織に属していません：{ $people }。組織が支給するのは自組織の人だけです。先に評価サイクルを訂正してから（CorrectCycle）、この訂正を作成し直してください
POOL_NEGATIVE = 賞与原資を負にすることはできません。0以上の金額を指定してください。賞与原資でお金を取り戻すことはできません
ZERO_SCORES = 0より大きいスコアがないため、配分の基準がありません。先に評価サイクルのスコアカードを確認してください
PART_WITHOUT_CLAIM = 賞与原資の第{ $place }枠を受け取る人がいません。ウェイトのある段階または下限に届くスコアがありません。枠のルールを変更してください
SETTLEMENT_NOT_DRAFT =
    この精算は{ $stage ->
        [draft] 下書き
        [approved] 承認済み
        [posted] 計上済み
       *[discarded] 破棄済み
    }で、下書きではありません
SETTLEMENT_NOT_APPROVED =
    この精算は{ $stage ->
        [draft] 下書き
        [approved] 承認済み
        [posted] 計上済み
       *[discarded] 破棄済み
    }です。計上できるのは承認済みの精算だけです
SETTLEMENT_POSTED = 計上済みの精算が変更されることはありません。訂正を下書きしてください。差額は次の精算で支給されます
SETTLEMENT_NOT_POSTED =
    この精算は{ $stage ->
        [draft] 下書き
        [approved] 承認済み
       *[discarded] 破棄済み
    }です。訂正できるのは計上済みの精算だけです。破棄して下書きし直してください
PAY_CORRECTION_WAITS = この精算の訂正{ $correction }が承認待ちです。先にそれを承認するか、取り下げてください
NOTHING_TO_CORRECT = 現在のスコアカードでは、全員の金額がこの精算とその訂正で支給したものと同じです。先に評価サイクルを訂正してください。そうでなければ訂正するものはありません
PAY_CORRECTION_NOT_DRAFT =
    この訂正は{ $stage ->
        [approved] 承認済み
       *[withdrawn] 取り下げ済み
    }で、下書きではありません
DELTAS_WAIT_NOW = 支給待ちの差額は、現在の状態でのみ照会できます。known_atかwaiting_onlyを外してください
CORRECTION_REASON_MISSING = 理由を入力してください。すべての支給明細に表示されます
POOL_THERE = この評価サイクルの賞与原資{ $pool }は、名前、金額、ルールが同じです。それを精算するか、同額の原資がもう1つある場合は別の名前を付けてください
POOL_PAID = 賞与原資{ $pool }の精算はすでに計上されています。1つの賞与原資の支給は1回です。ほかの精算は破棄し、さらに支給する原資がある場合は、別の名前の賞与原資を作成してください
CARRY_MOVED = 下書きの後に、別の精算が計上されたか訂正が承認され、端数が変わりました。下書きし直してください
DELTA_SCORE = スコアが{ $old }から{ $new }に訂正されました
DELTA_AGAINST =
    { $by ->
        [fell] 本人のスコアは{ $old }から{ $new }に訂正されましたが、ほかの人のスコアがより大きく下がり、合計が{ $others_old }から{ $others_new }になったため、賞与原資の取り分は増えました
        [rose] 本人のスコアは{ $old }から{ $new }に訂正されましたが、ほかの人のスコアがより大きく上がり、合計が{ $others_old }から{ $others_new }になったため、賞与原資の取り分は減りました
        [less] 本人のスコアは{ $old }から{ $new }に、ほかの人のスコアの合計は{ $others_old }から{ $others_new }に訂正されました。それでも賞与原資のルールにより、取り分は減りました
       *[more] 本人のスコアは{ $old }から{ $new }に、ほかの人のスコアの合計は{ $others_old }から{ $others_new }に訂正されました。それでも賞与原資のルールにより、取り分は増えました
    }
DELTA_ADDED = スコア{ $score }が追加されました
DELTA_REMOVED = スコア{ $score }が取り消されました
DELTA_OTHERS = ほかの人のスコアが訂正され、賞与原資は全員で配分されます
POOL_WITHOUT_PARTS = 枠が1つ以上必要です
SHARES_NOT_WHOLE = 配分の合計が、ちょうど100万分の1000000ではなく{ $sum }です
PART_OF_NOTHING = 配分が0の枠です。外してください
PART_RULE_MISSING = この枠の配分方法を指定してください：tiers、proportional、team_fund
PART_WITHOUT_TIERS = 段階が1つ以上必要です
TIERS_OUT_OF_ORDER = 段階は良いものから順に、min_scoreが下がるように書いてください
TIERS_MIXED = すべての段階にmin_scoreを指定するか、すべての段階に割合を指定してください
TIERS_WITHOUT_WEIGHT = ウェイトがすべて0のため、誰も受け取れません
TIER_WEIGHTS_OUT_OF_ORDER = 下の段階のウェイトが上の段階より大きくなっています
STATEMENT_AMOUNT =
    スコア{ $score }に対して{ $paid }：均等に配分した場合の{ $equal }{ $than ->
        [less] より{ $difference }少ない金額
        [same] と同じ金額
       *[more] より{ $difference }多い金額
    }です。
STATEMENT_WITHOUT_TIER = 第{ $number }枠（賞与原資の{ $share }、{ $part }）、段階による配分：スコアがどの段階にも届かないため、{ $amount }。
STATEMENT_TIER_WITHOUT_WEIGHT = 第{ $number }枠（賞与原資の{ $share }、{ $part }）、段階による配分：段階{ $tier }にウェイトがないため、{ $amount }。
STATEMENT_NOT_ABOVE_FLOOR = 第{ $number }枠（賞与原資の{ $share }、{ $part }）、スコアに比例した配分：スコアが{ $floor }を超えないため、{ $amount }。
STATEMENT_PART = 第{ $number }枠（賞与原資の{ $share }、{ $part }）、{ $claim }、全体の合計{ $sum }。{ $major } × { $weight } / { $sum } = { $rounded }{ $carried }。したがって{ $amount }。
STATEMENT_BY_TIER = 段階による配分：段階{ $tier }のウェイトは{ $weight }
STATEMENT_ABOVE_FLOOR = { $floor }を超えるスコアに比例した配分：{ $points }点
STATEMENT_BY_SCORE = スコアに比例した配分：{ $points }点
STATEMENT_EXACT = { $whole }（割り切れます）
STATEMENT_ROUNDED =
    { $whole }と、{ $smallest }の{ $fraction }。{ $smallest }の端数{ $units }個のうち、{ $came ->
        [yes] 1個がここに配分されました
       *[no] ここに配分されたものはありません
    }
STATEMENT_CARRIED = 。前回からの繰り越し{ $before }、次回への繰り越し{ $after }

## The bundle: what is said of files, rows and settings. A reason and its cure are two cells of rejected.csv

UNUSABLE = { $file }：{ $problem }。{ $cure }。
SEVERAL_PROBLEMS = { $problems }
REASON_ALSO = { $reason }。ほかに{ $column }：{ $more }
AND_MORE_ROWS = このファイルでは、ほかに{ $count }行が除外されました
AND_MORE_ROWS_CURE = 先に上の行を修正してください。残りもほとんどは同じ理由です
AND_MORE_FINDINGS = ほかにも同じ種類のものがあります
FIRST_REJECTED = { $line }行目{ $column }：{ $reason }（{ $cure }）
FIRST_REJECTED_COLUMN = 、列{ $column }
EVERY_ROW_REJECTED = 。すべての行が除外されました：{ $first }
ROWS_REJECTED = 。{ $count }行が除外されました。最初の行：{ $first }
HINT_NEAR = 。{ $near }のことですか？
HINT_MEANT = （{ $near }のことですか？）
HINT_MEANT_AS = （{ $near }は{ $column }のことですか？）
HINT_THERE_IS = （{ $near }はあります）
NO_FOLDER = フォルダーとして読み取れません（{ $error }）
NO_FOLDER_CURE = people.csv、accounts.csv、records.csvのあるフォルダーを指定してください
MISSING_FILE = { $folder }にありません{ $hints }
MISSING_FILE_CURE = まったく同じ名前でファイルを追加してください。各ファイルの説明はdocs/bundle.mdにあります
NOT_A_FILE = ファイルではありません
NOT_A_FILE_CURE = CSVファイルかYAMLファイルに置き換えてください
UNREADABLE = 読み取れません（{ $error }）
UNREADABLE_CURE = ファイルとその権限を確認してください
UNKNOWN_FILE = このファイルはどこでも使われません{ $hint }
EMPTY_OPTIONAL_FILE = ファイルが空のため、読み飛ばしました
THE_PERIOD = 期間
PERIOD_BACKWARDS_CURE = --fromと --toを入れ替えてください
PERIOD_HALF = 始まりか終わりの一方がありません
PERIOD_HALF_CURE = --fromと --toの両方を指定するか、両方とも外してください
PERIOD_OF_DAYS = 期間が{ $days }日ありますが、一度に締められるのは{ $most }日までです
PERIOD_OF_DAYS_CURE = 分けて締めてください
TEAM_WITHOUT_PEOPLE = people.csvに、チーム{ $team }に属する人がいません
BRANCH_WITHOUT_PEOPLE = people.csvに、この支社に属する人がいません
TOO_LARGE_SETTINGS = 1 MiBを超えています
TOO_LARGE_SETTINGS_CURE = 設定は1ページほどのテキストです。この名前のファイルが正しいものか確認してください
NOT_VALID_TEXT = 有効なテキストではありません
NOT_VALID_TEXT_CURE = UTF-8で保存してください
ZERO_BYTES = CSVファイルやYAMLファイルにはないゼロバイトが含まれています
ZERO_BYTES_CURE = UTF-8のCSVとして書き出し直してください（表計算ファイルはCSVファイルではありません）
UNKNOWN_ENCODING = テキストがUTF-8、UTF-16、GBKのいずれでもありません（{ $encoding }のようです）
BAD_YAML = 有効なYAMLではありません：{ $cause }（パーサーのメッセージ：「{ $said }」）
    .at = { $line }行目、{ $column }文字目が有効なYAMLではありません：{ $cause }（パーサーのメッセージ：「{ $said }」）
YAML_KEY_TWICE = キー{ $key }が2回あります
    .lines = キー{ $key }が{ $first }行目と{ $second }行目に2回あります
YAML_TAB = 空白しか使えない場所にタブがあります
YAML_NOT_CLOSED = 角かっこ、波かっこ、または引用符が閉じられていません
YAML_NO_VALUE = そこには値が必要です
YAML_BAD_START = 値をこの記号で始めることはできません。テキストを引用符で囲んでください
YAML_SIGN = &、*、! で始まるテキストは参照またはタグになります。引用符で囲んでください
YAML_ESCAPE = 二重引用符の中のバックスラッシュは特殊文字の始まりです。2つ続けて書くか、一重引用符を使ってください
YAML_STRUCTURE = そこにキー、コロン、または字下げは置けません
YAML_OTHER = そこを読み取れません
BAD_YAML_CURE = そのYAMLを修正してください。字下げは1段につき空白2つ、コロンの後には空白を1つ入れます
YAML_KEY_TWICE_CURE = 正しいほうを残し、もう一方を削除してください
YAML_NUMBER_TOO_LARGE = 数値が大きすぎて読み取れません（パーサーのメッセージ：「{ $said }」）
YAML_NUMBER_TOO_LARGE_CURE = より小さい数値を入力してください
YAML_UNSEEN = { $line }行目に、目に見えない文字{ $character }が含まれています
YAML_UNSEEN_CURE = その文字を削除するか、行を入力し直してください
INVALID_SETTINGS_CURE = これらの値を訂正してください。例はdocs/bundle.mdにあります

## The bundle: tables

EMPTY_FILE = 空です
EMPTY_FILE_CURE = 内容を入れてください。1行目は{ $header }です
NOT_CSV = 見出し行のあるCSVファイルではありません：{ $why }
NOT_CSV_CURE = CSVとして書き出してください。1行目は{ $header }です
    .named = `sep=`の行を削除するか、区切り文字を1つに統一して保存し直してください
NOT_CSV_NO_END = 1行目に終わりがないか、引用符が閉じられていません
NOT_CSV_NO_TEXT = 1行目がテキストではありません
NOT_CSV_NO_COLUMN = 1行目に、必要な列名が1つもありません
    .named_not = 1行目は`sep={ $named }`ですが、その下の見出し行は`{ $sign }`で区切られています
    .named_not_tab = 1行目は`sep={ $named }`ですが、その下の見出し行はタブで区切られています
CONVERTED_ENCODING = { $encoding }として読み取り、UTF-8に変換しました
SEPARATED_BY_TAB = 列がタブで区切られています
SEPARATED_BY_SIGN = 列が記号{ $sign }で区切られています
SEPARATED_BY_SEMICOLON = 列がセミコロンで区切られています
LINE_TOO_LONG = 行が1 MiBを超えています
LINE_TOO_LONG_CURE = 改行がどこで失われたか確認してください
TOO_MANY_CELLS = セルが{ $cells }個ありますが、見出し行は{ $columns }個です
TOO_MANY_CELLS_CURE = カンマや引用符を含むセルは二重引用符で囲んでください
NOT_TEXT_IN_ENCODING = ファイルの文字コードに合わないバイトが含まれています
UNSEEN_CHARACTER = 目に見えない文字{ $character }が含まれています
UNSEEN_CHARACTER_CURE = 削除してください。セルを入力し直すか、書き出し元のプログラムで列を整えてください
OPEN_QUOTE = 引用符で始まるセルが、あるべき場所で閉じられていません
OPEN_QUOTE_CURE = セルの中の二重引用符は、"5"" 画面"のように2つ続けて書いてください
UNBALANCED_QUOTES = 引用符が対になっていない箇所が非常に多くあります（最後は{ $line }行目）
UNBALANCED_QUOTES_CURE = CSVとして書き出し直してください。セルの中の引用符は2つ続けて書きます
COLUMN_TWICE = 列{ $column }が2回あります
    .names = 列{ $column }が「{ $one }」と「{ $other }」として2回あります
COLUMN_TWICE_CURE = どちらかを残すか、もう一方の名前を変えてください
MISSING_COLUMNS = 見出し行に列{ $columns }がありません{ $hints }
MISSING_COLUMNS_CURE = 追加してください。完全な見出し行は{ $header }です
MISSING_KIND_CURE = 追加してください。完全な見出し行は{ $header }です。または、group.yamlに`punches: alternating`か`punches: first_last`と書いてください
MISSING_COLUMN = この列がありません。すべての行で空とみなします
UNKNOWN_COLUMN = この列はどこでも使われません{ $hint }
EQUAL_ROWS = 同じ行は1回だけ採用しました（{ $count }行を省略）

## The bundle: cells

IT_IS_EMPTY = 空です
IT_IS_EMPTY_CURE = 入力してください
TOO_MANY_CHARACTERS = { $most }文字を超えています
TOO_MANY_CHARACTERS_CURE = 短くしてください
TOO_MANY_MEASURES = 行に、既知の列以外の測定値が{ $most }個を超えています
TOO_MANY_MEASURES_CURE = 測定に使わない列を外してください
NO_TIME_ZONE = 「{ $text }」はタイムゾーンではありません
NO_TIME_ZONE_CURE = Asia/ShanghaiのようなIANAの名前を入力してください
STANDS_FOR_NO_VALUE = 「{ $text }」は値がないことを示しています
STANDS_FOR_NO_VALUE_CURE = IDを入力してください。IDがない場合は、行を除いてください
FORMULA_FAILED = 「{ $text }」は値ではなく、数式がエラーになったときの表計算ソフトの表示です
FORMULA_FAILED_CURE = 数式を修正するか、元のデータから列を書き出してください。セルを空にするのは、値がない場合だけにしてください
NEITHER_YES_NOR_NO = 「{ $text }」は「はい」でも「いいえ」でもありません
NEITHER_YES_NOR_NO_CURE = true、false、1、0、yes、no、是、否のいずれかを入力するか、空にしてください
NO_SMALL_COUNT = 「{ $text }」は1～1000の整数ではありません
NO_SMALL_COUNT_CURE = その範囲の数値を入力してください
IT_IS_NEGATIVE = 負の値です
IT_IS_NEGATIVE_CURE = 0以上の数値を入力するか、空にしてください
NUMBER_ABOVE_RANGE = { $text }は大きすぎます
NUMBER_ABOVE_RANGE_CURE = 0～{ $most }の数値を入力してください。測定していない場合は空にしてください
NO_NUMBER = 「{ $text }」は数値ではありません
    .comma = 「{ $text }」にカンマがあります。group.yamlに`numbers`がない場合、数値は小数点を使い、桁区切りはありません
    .exponent = 「{ $text }」に指数があります。数値に指数は使えません
NO_NUMBER_CURE = 12.5のように、小数点を使った数字を入力してください。測定していない場合は空にしてください
    .needed = 12.5のように、小数点を使った数字を入力するか、行を除いてください
NEGATIVE_AMOUNT = 金額{ $text }が負です
NEGATIVE_AMOUNT_CURE = 返金は別の行として、負の金額で、売上のexternal_idをrefers_toに指定して入力してください。それ以外の場合はセルを空にしてください
NO_AMOUNT = 「{ $text }」は金額ではありません
NO_AMOUNT_CURE = 1234.50のように、小数点を使い、通貨記号を付けずに入力するか、数値の書き方をgroup.yamlで指定してください。1,234.50の場合は`numbers: { "{" }decimal: ".", grouping: ","{ "}" }`、1.234,50の場合は`numbers: { "{" }decimal: ",", grouping: "."{ "}" }`です
    .yaml = 1234.50のように、小数点を使い、通貨記号も桁区切りも付けずに入力してください
AMOUNT_DECIMALS = { $text }の小数点以下の桁数が、{ $currency }の桁数（{ $digits }）を超えています
    .told = { $text }の小数点以下の桁数が、{ $currency }の桁数（{ $digits }）を超えています。group.yamlでは「{ $sign }」の後が小数です
AMOUNT_DECIMALS_CURE = 通貨の最小単位に丸めてください。1.234が千二百三十四を表す場合は、group.yamlで指定してください：`numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
    .either = { $whole }か{ $decimal }の、正しいほうを入力してください
    .round = 通貨の最小単位に丸めてください
    .whole = { $whole }のことであればそのように入力し、そうでなければ通貨の最小単位に丸めてください
HUGE_AMOUNT = 金額{ $text }が大きすぎます
HUGE_AMOUNT_CURE = 単位を確認してください。補助単位ではなく主単位で入力します
NO_DATE = 「{ $text }」は日付ではありません
NO_DATE_CURE = 2026-03-02のように、年-月-日で入力してください
NO_TIME = 「{ $text }」は時刻ではありません
NO_TIME_CURE = 2026-03-02 09:00:00、または時差を付けて2026-03-02T09:00:00+08:00のように入力してください
TIME_BEYOND_RANGE = 時刻が範囲外です
TIME_BEYOND_RANGE_CURE = 年を確認してください
TIME_SKIPPED = { $zone }に{ $time }は存在しません。時計が{ $before }から{ $after }に進められました
TIME_SKIPPED_CURE = { $time }{ $offset }のように、時差を付けて入力してください
THAT_ZONE = そのタイムゾーン
MAY_BE_GROUPED = 「{ $text }」は小数とも、桁区切りのある数値とも読めます
GROUPED_BY_SPACE = 「{ $text }」の数字の間に空白があります
GROUPED_BY_SPACE_CURE = 空白を取り除くか、数値の書き方をgroup.yamlで指定してください。1 234,50の場合は`numbers: { "{" }decimal: ",", grouping: space{ "}" }`、1 234.50の場合は`numbers: { "{" }decimal: ".", grouping: space{ "}" }`です
MAY_BE_GROUPED_CURE = 数値の書き方をgroup.yamlで指定してください。例：`numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
NOT_AS_GROUP_YAML = 「{ $text }」は、group.yamlで指定された数値の書き方ではありません
NOT_AS_GROUP_YAML_CURE = 小数の前に「{ $decimal }」を使い、桁区切りは付けないか、group.yamlの`numbers`を訂正してください
    .grouped = 小数の前に「{ $decimal }」、千の位ごとに「{ $grouping }」を使うか、group.yamlの`numbers`を訂正してください
    .spaced = 小数の前に「{ $decimal }」、千の位ごとに空白を使うか、group.yamlの`numbers`を訂正してください

## The bundle: people, accounts, aliases

SHORTENED_NUMBER = { $text }は、表計算ソフトが先頭の数桁に縮めた番号です
EXPORT_AS_TEXT = 列を文字列として書き出してください
EMPTY_SEGMENT = 「{ $text }」に空の階層があります
EMPTY_SEGMENT_CURE = East/Chat/Team 1のように、支社を先頭に、スラッシュ1つずつでパスを書いてください
TOO_DEEP = 組織の階層が{ $depth }段あります
TOO_DEEP_CURE = 支社を先頭に、{ $most }段までで指定してください
EMPLOYMENT_BACKWARDS = 在籍の終わり{ $left }が、始まり{ $hired }より前です
EMPLOYMENT_BACKWARDS_CURE = 日付を訂正してください。left_onは最終勤務日です
NO_PEOPLE = 人が1人もいません{ $why }
NO_PEOPLE_CURE = 1人につき1行を追加してください
NAMES_DIFFER = { $lines }行目は番号が同じ{ $number }ですが、名前が異なります
NAMES_DIFFER_CURE = それぞれの人に固有の番号を付けるか、同じ番号のすべての行で名前を揃えてください
ZONES_DIFFER = { $lines }行目は番号が同じ{ $number }ですが、タイムゾーンが異なります
ZONES_DIFFER_CURE = 同じ番号のすべての行でタイムゾーンを揃えてください。1人に1つです
EMPLOYMENTS_OVERLAP = { $lines }行目は番号が同じ{ $number }で、期間が重なっています：{ $one }と{ $other }
EMPLOYMENTS_OVERLAP_CURE = 1人につき1行だけ残すか、在籍の期間が重ならないようにしてください。left_onはその最終日です
DAYS = { $from }～{ $to }
TWO_LINES = { $one }、{ $other }
NO_END = 終了日なし
MOVED = { $until }まで{ $before }、{ $from }から{ $after }
NO_ACCOUNTS = アカウントが1つもありません{ $why }
NO_ACCOUNTS_CURE = プラットフォームのアカウントごとに1行を追加してください
ACCOUNT_ROWS_DIFFER = このアカウントの行で、zone、team、またはexclusiveが異なります
ACCOUNT_ROWS_DIFFER_CURE = すべての行で同じ内容にしてください
PHASES_ON_ONE_DAY = このアカウントの2つのフェーズが同じ日に始まっています
PHASES_ON_ONE_DAY_CURE = フェーズごとに別の初日を指定してください
SLASH_IN_NAME = 「{ $text }」にスラッシュがあります
SLASH_IN_NAME_CURE = プラットフォーム、店舗、アカウントにはスラッシュを使わないでください
NO_EMPLOYMENT_KIND = 「{ $text }」は雇用形態ではありません
NO_EMPLOYMENT_KIND_CURE = full_time、part_time、fixed_term、intern、agency、outsourced、freelanceのいずれかを入力するか、セルを空にしてください
NO_CONTRIBUTORS = 「{ $text }」は共同対応者を示していません
    .role = 「{ $text }」は共同対応者を示していません。「{ $role }」はロールではありません
    .twice = 「{ $text }」に{ $named }が2回あります
    .many = 「{ $text }」の共同対応者は、1つの記録に指定できる{ $max }人を超えています
NO_CONTRIBUTORS_CURE = ロール=従業員番号の形で入力し、複数の場合は ; で区切ってください。ロールはfirst_answer、closer、after_salesです。例：first_answer=A001;closer=A007
    .twice = どちらかを外してください。1つのロールでの配分は1人1回です。aliases.csvの別名と従業員番号が同じ人を指す場合も同様です
    .many = { $max }人までに減らしてください
POLICY_SPLIT = には、versionと、合計が100になるfirst_answer、closer、after_salesのパーセントを指定してください
NO_PHASE = 「{ $text }」はフェーズではありません
NO_PHASE_CURE = shared、mixed、namedのいずれかを入力してください
CORRECT_THE_DATES = 日付を訂正してください
ALIAS_IS_A_NUMBER = { $alias }はほかの人の従業員番号です
ALIAS_IS_A_NUMBER_CURE = これを含む記録はその人のものとして読み取られます。別名を変更してください
ALIAS_OF_TWO = { $alias }が同時に2人を指しています
ALIAS_TWICE = 複数の行が、重なる期間で{ $alias }を同じ人に割り当てています
ALIAS_OF_TWO_CURE = 行ごとに、重ならない開始日と終了日を指定してください
DEVICE_OF_NOTHING = 従業員番号も座席もないため、端末が誰のものか分かりません
DEVICE_OF_BOTH = 人（employee_no）と座席の両方が指定されています
DEVICE_OF_BOTH_CURE = 従業員番号か座席のどちらかを入力し、もう一方は空にしてください
DEVICE_TWICE = 複数の行が、同じ日から{ $device }を同じ人または座席に割り当てていますが、終了日が異なります

## The bundle: whom and what a row means

NOT_IN_PEOPLE = { $number }はpeople.csvにありません
NOT_IN_PEOPLE_CURE = 人をpeople.csvに追加するか、番号を訂正してください
ROWS_OF_NUMBER_REJECTED = people.csvの{ $number }の行は除外されました
ROWS_OF_ACCOUNT_REJECTED = accounts.csvの{ $account }の行は除外されました
ROWS_OF_RECORD_REJECTED = records.csvの{ $account }の記録{ $record }の行は除外されました
ROWS_OF_ALIAS_REJECTED = aliases.csvの{ $platform }の別名{ $alias }の行は除外されました
ROWS_REJECTED_CURE = 先にそれらを修正してください。rejected.csvに行ごとの対処方法があります
NAME_FOR_NUMBER = { $text }は名前ですが、番号が必要です（{ $near }のことですか？）
NAME_FOR_NUMBER_CURE = 従業員番号を入力してください。番号の代わりに別名を使えるのは、records.csvのagent列とcontributors列だけです
    .agent = 従業員番号を入力するか、aliases.csvに別名を追加してください
LOST_ZEROS = { $text }はpeople.csvにありません（{ $near }のことですか？）
LOST_ZEROS_CURE = 表計算ソフトは先頭のゼロを消します。列を文字列として書き出してください
GROUPED_NUMBER = { $text }はpeople.csvにありません（{ $near }のことですか？）
GROUPED_NUMBER_CURE = 表計算ソフトが桁区切りを付けています。列を文字列として書き出してください
ONE_OF_TWO = { $one }または{ $other }
SEVERAL_STORES = アカウント{ $account }のある店舗が複数あります
SEVERAL_STORES_CURE = プラットフォーム/店舗/アカウントの形で入力してください
ACCOUNT_UNKNOWN_CURE = アカウントをaccounts.csvに追加するか、名前を訂正してください
UNKNOWN_AGENT = { $agent }はpeople.csvになく、{ $platform }の別名でもありません
ALIAS_NOT_THEN = { $platform }の別名{ $agent }は{ $day }には使えません
UNKNOWN_AGENT_CURE = 人をpeople.csvに追加するか、別名をaliases.csvに追加するか、agentを空にしてください

## The bundle: records and duty

NO_RECORD_USABLE = 使用できる記録がありません{ $why }
NO_RECORD_IN_PERIOD = { $from }～{ $to }に始まる記録がありません{ $others }{ $why }
RECORDS_OUTSIDE = （期間外に{ $count }件）
NO_RECORDS_CURE = 記録のある日付を指定し（--fromと --to、またはgroup.yamlのperiod）、除外された行を修正してください
OUTSIDE_PERIOD = { $from }～{ $to }に始まらない記録{ $count }件を除外しました（例：{ $example }）
OBSERVATIONS_OUTSIDE = 観測値{ $count }件は{ $from }～{ $to }の日付に関するものではなく、この期間では集計しません（例：{ $example }）
NO_PERIOD = どの期間を締めるかを示す記録がありません
NO_PERIOD_CURE = 日付を指定してください（--fromと --to、またはgroup.yamlのperiod）
NO_RATE = 「{ $text }」は為替レートではありません
NO_RATE_CURE = 7.1234のように、数字と1つまでの小数点だけで入力してください。小数点以下は{ $places }桁まで、全体で18桁までです
RATE_NOT_ABOVE_0 = 為替レートは0より大きい値です
RATE_NOT_ABOVE_0_CURE = 最初の通貨の1単位が、次の通貨でいくらになるかを入力してください
RATE_OF_ONE_CURRENCY = 同じ通貨どうしの為替レートです
RATE_OF_ONE_CURRENCY_CURE = 2つの列のどちらかに別の通貨を入力してください
RATES_CONTRADICT = 同じ日の同じ通貨について、複数の行のレートが異なります：{ $rates }
POPULATION_WITHOUT_PEOPLE = populationに該当する人で、{ $from }～{ $to }に在籍している人がいません
POPULATION_WITHOUT_PEOPLE_CURE = 対象者について、people.csvにあるとおりに入力するか、populationを外してください（{ $said }）
POPULATION_COLUMN = { $column }：{ $words }
POPULATION_OF_NOBODY = people.csvに、{ $column }が「{ $word }」の人がいません{ $hint }
TOO_MANY_REPLIES = メッセージが{ $most }行を超えています
TOO_MANY_RECORDS = 期間内の記録が{ $most }件を超えています
TOO_MANY_RECORDS_CURE = 支社または週ごとに締めてください
SEVERAL_MONTHS = 記録の開始が{ $count }か月にわたっています（{ $months }）
SEVERAL_MONTHS_CURE = 締める日付を指定してください。例：--from { $from } --to { $to }
RECORD_BACKWARDS = 終了{ $end }が開始{ $start }より前です
RECORD_BACKWARDS_CURE = 時刻を訂正するか、2つの列を入れ替えてください
SHORTENED_ID_KEPT = { $count }行で、表計算ソフトが番号を先頭の数桁に縮めています（例：{ $example }）。文字列として書き出してください。そのまま採用しました
SHORTENED_CUSTOMER = { $count }行で、表計算ソフトが番号を先頭の数桁に縮めています（例：{ $example }）。文字列として書き出してください。空とみなしました
VALUE_LOST_EMPTY = { $count }個のセルに、表計算ソフトが値の代わりに表示する内容が入っています（例：{ $example }）。空とみなしました
VALUE_LOST_KEPT = { $count }個のセルに、表計算ソフトが値の代わりに表示する内容が入っています（例：{ $example }）。そのまま採用しました
NO_VALUE_TAKEN_AS_EMPTY = { $count }個のセルは値がないことを示しています（例：{ $example }）。空とみなしました
UNSEEN_LEFT_OUT = { $count }個のセルに、目に見えない文字が含まれています。取り除いて読み取りました（例：{ $example }）
DECIMAL_TAKEN_AS_WHOLE = { $count }個の整数が小数として書かれています。整数として読み取りました（例：{ $example }）
ZEROS_APART = { $count }行の番号（例：{ $example }）が、ほかの行では先頭にゼロを付けて書かれています。別の番号とみなしました。表計算ソフトは先頭のゼロを消すため、列を文字列として書き出してください
CONTRIBUTORS_NOBODY = 記録の日に、people.csvにもaliases.csvにもいない共同対応者が{ $count }人います（例：{ $example }）。記録は数え、その分はほかの共同対応者に配分します。人をpeople.csvに、または別名をaliases.csvに追加するか、名前を訂正して、もう一度締めてください
LONG_RECORDS = { $hours }時間以上続く記録が{ $count }件あります（例：{ $example }）。閉じられなかった案件の時刻かもしれません
REPLY_WITHOUT_RECORD = records.csvに、{ $account }の記録{ $record }がありません{ $hint }
    .elsewhere = records.csvに、{ $account }の記録{ $record }がありませんが、{ $other }にはあります
REPLY_WITHOUT_RECORD_CURE = 記録をrecords.csvに追加するか（行を読み取れなかった場合はrejected.csvにあります）、アカウントまたはIDを訂正してください
REPLIES_ABOVE_MOST = { $account }の記録{ $record }にメッセージが{ $count }件あります。最初の{ $most }件を採用し、{ $at }以降の残り{ $rows }件は採用していません
CLAIM_OF_BOTH = 記録{ $record }と顧客{ $customer }の両方が指定されています
CLAIM_OF_BOTH_CURE = どちらか一方を残してください。どちらもない場合は、アカウントの次の記録の担当申告になります
REPLIES_ABOVE_MOST_CURE = 記録を書き出し直してください。これほど多いメッセージは、1つのIDに複数の記録のものが含まれています
REPLIES_OUTSIDE_PERIOD = { $from }～{ $to }に始まらない記録のメッセージ{ $count }件を除外しました（例：{ $example }）
CLAIMS_OUTSIDE_PERIOD = { $from }～{ $to }に行われていない担当申告{ $count }件を除外しました（例：{ $example }）
RECORD_TOO_LONG = { $start }から{ $end }まで{ $days }日続いています
RECORD_TOO_LONG_CURE = 日付を訂正してください。記録は{ $most }日以内です
NO_ROWS = 見出し行だけで、その下に行がありません
NO_ROWS_CURE = 月の記録を、行も含めて書き出し直してください
DUPLICATE_RECORD = このexternal_idが同じ内容で複数回あります。1回だけ採用しました（{ $count }行を省略）
    .revised = このexternal_idに複数のリビジョンがあります。{ $revision }を採用しました（以前の{ $count }行を省略）
DUPLICATE_ROW_REVISED = 複数のリビジョンがあります。{ $revision }を採用しました（以前の{ $count }行を省略）
REFUND_PAYS_NOTHING = 別の記録を参照しているため返金ですが、金額が負ではありません
REFUND_PAYS_NOTHING_CURE = 返金額をマイナスで入力するか、refers_toを空にしてください
REVISED_TWICE = 行にリビジョンと変更日時の両方があります
REVISED_TWICE_CURE = どちらかを空にしてください
NO_CURRENCY = 「{ $text }」は通貨ではありません
NO_CURRENCY_CURE = JPYのようなISO 4217のコードを入力するか、グループの通貨の場合は空にしてください
NO_REVISION = 「{ $text }」はリビジョンではありません
NO_REVISION_CURE = 0以上の整数を入力するか、空にしてください
ID_TWICE_DIFFERENT = { $account }に{ $id }が{ $count }回あり、内容が異なります
ID_TWICE_SAME = { $account }に{ $id }が{ $count }回あり、内容は同じです
ID_TWICE_CURE = 正しい行を残すか、記録ごとに固有のexternal_idを付けてください
ID_TWICE_SHORTENED_CURE = 表計算ソフトがIDを先頭の数桁に縮めています。列を文字列として書き出してください
SHIFT_BACKWARDS = シフトの終了{ $end }が開始{ $start }より後ではありません
SHIFT_BACKWARDS_CURE = 夜勤は翌日に終わります。その日付を入力してください
SECOND_OF_TWO = 時計が戻されました。{ $count }行の終了時刻は2回現れるうちの2回目としました。1回目は開始より前になります（例：{ $example }）
    .reply = 時計が戻されました。{ $count }件のメッセージの時刻は2回現れるうちの2回目としました。1回目は記録の中に入りません（例：{ $example }）
FIRST_OF_TWO = 時計が戻されました。{ $count }行で、2回現れる時刻に時差がないため、1回目としました（例：{ $example }）。どちらかを示すには時差を付けてください
LONG_SHIFT = { $start }から{ $end }までのシフトが{ $hours }時間以上です
LONG_SHIFT_CURE = 時刻を訂正してください。複数のシフトの場合は、1つずつ行に分けてください
SHIFT_ENDS_DIFFER = { $lines }行目は、同じアカウントでの同じ人の{ $start }からのシフトですが、終了時刻が異なります（{ $one }、{ $other }）
SHIFT_SEATS_DIFFER = { $lines }行目は、同じアカウントでの同じ人の{ $start }からのシフトですが、座席が異なります
KEEP_THE_RIGHT_ROW = 正しい行を残してください
PUNCH_BOTH_WAYS = { $lines }行目は、{ $number }の同じ時刻{ $at }の出勤打刻と退勤打刻です
HANDOVER_BOTH_WAYS = { $lines }行目で、{ $number }が同じ時刻{ $at }に{ $account }を引き受け、引き渡しています
HANDOVERS_AT_ODDS = { $lines }行目は、{ $account }の同じ時刻{ $at }の引き継ぎで、すべてが成り立つことはありません
PUNCHES_ODD = 打刻の回数が奇数です：{ $count }回。最後の{ $at }の打刻に対がありません（{ $night }）
PUNCHES_SINGLE = { $at }の1回だけの打刻に対がありません（{ $night }）
PUNCHES_NIGHT = 夜勤にはrosters.csvか、誰も働いていない時刻に設定したpolicy.yamlのcut_overが必要です
PUNCHES_BETWEEN = 最初と最後の間の打刻を除外しました：{ $count }回
PUNCHES_ALONE = { $at }の打刻に対がなく、在勤とはなりません。不足する打刻を追加してください
PUNCHES_LONG = { $from }から{ $to }まで13時間を超える在勤です。2つの夜勤の間の休みである場合は、kindまたはrosters.csvを入力してください
PUNCHES_AS_NIGHTS = 勤務日の終わりをまたぐ在勤：{ $count }回（最初は{ $from }～{ $to }）。勤務日ごとに数えると間の休みが在勤になります。kindまたはrosters.csvがあると確実に判断できます
PUNCHES_EITHER_WAY = { $from }から{ $to }までの打刻は、最初と最後に対がないため、日勤とも夜勤とも読めます。日勤とみなしました。kindまたはrosters.csvがあると判断できます
NEITHER_WORD = 「{ $text }」は{ $one }でも{ $other }でもありません
NEITHER_WORD_CURE = { $one }か{ $other }を入力してください
NO_SUBJECT_KIND = 「{ $text }」は対象の種類ではありません
NO_SUBJECT_KIND_CURE = { $kinds }のいずれかを入力してください
UNIT_OF_NOBODY = { $unit }は、people.csvの誰も、accounts.csvのどのアカウントも属していない組織です{ $hint }
UNIT_OF_NOBODY_CURE = 組織のパスを訂正してください
STORE_UNKNOWN = accounts.csvに、{ $store }のアカウントがありません{ $hint }
STORE_UNKNOWN_CURE = プラットフォームと店舗をaccounts.csvのとおりに、/ で区切って入力してください
NEITHER_DAYS_NOR_TIME = 日付も時点も指定されていません
DAYS_AND_TIME = 日付と時点の両方が指定されています
DAYS_AND_TIME_CURE = ある時点に関する場合はfromとtoを、日付に関する場合はatを空にしてください
NEITHER_DAYS_NOR_TIME_CURE = from（2日以上の場合はtoも）かatの、どちらか一方を入力してください
NO_KIND_OF_FINDING = そのような種類の検出事項はありません
NO_KIND_OF_FINDING_CURE = ファイルを削除してください。これがあるのは結果のinputs/だけです
NO_COUNT = 件数ではありません
DELETE_THE_FILE = ファイルを削除してください

## The bundle: settings. A sentence goes on from the name of the setting

SETTING = { $path } { $problem }
SETTING_WRONG = に誤りがあります：{ $reason }。{ $cure }
SETTING_GROUPED = の「{ $text }」に桁区切りがあります。group.yamlの`numbers`はセルの書き方であり、YAMLファイルの数値に桁区切りは使えません。{ $plain }と書いてください
SETTING_GROUPED_OR_DECIMAL = の「{ $text }」は桁区切りとも読めます。group.yamlの`numbers`はセルの書き方であり、YAMLファイルの数値に桁区切りは使えません。{ $plain }と書くか、小数であれば{ $decimal }と書いてください
SETTING_MISSING = がありません
SETTING_NO_MAPPING = がキーと値の対応になっていません
FILE_NO_MAPPING = ファイルがキーと値の対応になっていません
SETTING_NO_TEXT = がテキストではありません
SETTING_TEXT_LENGTH = が空か、200文字を超えています
SETTING_WITH_NUL = に文字NUL（U+0000）が含まれています。取り除いてください
SETTING_NOT_ONE_OF = が「{ $text }」で、{ $words }のいずれでもありません
SETTING_NO_DECIMAL = が「{ $text }」で、小数点以下6桁までの数値ではありません
SETTING_NOT_BETWEEN = が{ $number }で、{ $least }～{ $most }の数値ではありません
SETTING_LOSSY_DECIMAL = が「{ $text }」で、このままでは精度が失われます。引用符で囲んでください
SETTING_NO_WHOLE = が「{ $text }」で、{ $least }～{ $most }の整数ではありません
SETTING_NO_LIST = がリストではありません
SETTING_PAIR_NO_TEXT = にテキストではないキーがあります
SETTING_NO_VALUE = に値がありません
SETTING_UNKNOWN_NEAR = は未知のキーです（{ $near }のことですか？）
SETTING_UNKNOWN = は未知のキーです（使えるのは{ $known }）
SETTING_EMPTY = が空です
SETTING_NOT_ABOVE_0 = が0より大きくありません
SETTING_BELOW_0 = が0未満です
GROUP_CURRENCY = がCNYのような英大文字3文字のコードではありません
GROUP_CURRENCY_UNKNOWN = が{ $code }で、ISO 4217の有効な通貨ではありません。CNYのように書いてください
GROUP_PERIOD_BACKWARDS = が{ $to }で、fromの{ $from }より前です
GROUP_PERIOD_TOO_LONG = による期間が{ $days }日ありますが、一度に締められるのは{ $most }日までです。分けて締めてください
GROUP_REGION = が{ $branch }をリージョン{ $region }に置いています。cn-eastのように、a-z、0-9、- を使って1～32文字で書いてください
GROUP_SAME_SIGN = がdecimalと同じ記号です
POLICY_CUT_OVER = が、引用符で囲んだ"00:00"～"11:59"の時刻ではありません
SCHEME_WEIGHTS = のウェイトの合計が100ではなく{ $sum }です
SCHEME_ID_TAKEN = が前のKPIと同じです
SCHEME_WEIGHT = が0より大きくありません。KPIを外してください
SCHEME_CAP = が{ $cap }で、下限{ $floor }より大きくありません
SCHEME_RANGE = が下限{ $floor }より{ $most }を超えて大きくなっています
SCHEME_SMALL_SAMPLE = に意味があるのは割合と平均の場合だけです。外してください
SCHEME_OF_RECORDS = はmeasure recordsでは意味がありません
SCHEME_OF_UNDEFINED = にある測定値「{ $measure }」がmeasuresにありません{ $hint }
SCHEME_OF_MISSING = がありません。測る列を指定するものです
SCHEME_OF_RESOLVED = は「はい」か「いいえ」の列です。割合はありますが、合計や平均はありません
SCHEME_TEST_MISSING = が不完全です。どの記録を数えるかを、at_mostかat_leastのどちらかで指定してください
SCHEME_TEST_USELESS = が不完全です。ここではat_mostとat_leastに意味がありません
SCHEME_MEASURES_TEXT = { $kpi }はテキストの列{ $column }を測っています
    .cell = { $line }行目：{ $reason }
    .odd = { $kpi }は{ $column }を測っていますが、{ $count }個のセルが数値ではないため、テキストの列になっています：{ $cells }
SCHEME_MEASURES_NOTHING = { $kpi }は{ $column }を測っていますが、records.csvに値のあるその列がありません{ $hint }
SCHEME_MEASURES_CURE = records.csvの数値の列を指定してください
    .odd = セルを訂正するか、records.csvの数値の列を指定してください
SCHEME_MEASURES_UNCOMPUTED = { $path }（KPI { $kpi }）は、計算できないものを測っています
MEASURE_UNKNOWN_CURE = 測れるのは、記録の件数、resolvedの割合、first_reply_secondsがat_most 30の割合、ratingがat_least 4の割合、amountの合計、追加の列の平均です。それ以外は、ファイルのmeasuresで測定値として定義してください
POOL_CURRENCY = が{ $currency }ですが、グループの金額は{ $group }です
POOL_BELOW_0 = が負の値です。配分する金額を、0より大きい値で書いてください
POOL_ZERO = が0です。配分するものがない場合は、ファイルを外してください
POOL_SHARES = の配分の合計が100ではなく{ $sum }です
POOL_SHARE = が0より大きくありません。その枠を外してください
POOL_TIERS_ELSEWHERE = に意味があるのはby: tiersの場合だけです
POOL_TIERS_MIXED = にtop_percentとat_leastが混ざっています。すべての段階でどちらか一方を使ってください
POOL_TIERS_PERCENT = のtop_percentの合計が100ではなく{ $sum }です
POOL_TIERS_RISE = のat_leastが段階ごとに下がっていません
POOL_TIERS_WEIGHTS_RISE = に、上の段階よりウェイトの大きいものがあります。良い段階から順に、ウェイトが前の段階以下になるように書いてください
POOL_TIERS_WEIGHTLESS = のウェイトがすべて0です
POOL_TIER_RULE = かat_leastの、どちらか一方だけが必要です
POOL_TIER_NAME_TAKEN = が前の段階と同じです
POOL_PERCENT_TOO_FINE = が{ $percent }です。パーセントは小数点以下4桁までで書いてください
POOL_TIER_WEIGHT = が1000000を超えています
POOL_SHARE_TOO_FINE = { $percent }%の小数点以下が4桁を超えています
POOL_SHARE_TOO_FINE_CURE = 配分と割合は小数点以下4桁までで書いてください
OTHER_PERIOD = { $from }～{ $to }のものですが、締めるのは{ $closed_from }～{ $closed_to }です
OTHER_PERIOD_CURE = 期間を訂正するか、期間の指定を外してください
POOL_IN_EMPTY_PERIOD = 原資がありますが、people.csvに{ $from }～{ $to }に在籍している人がいません
POOL_WITHOUT_PEOPLE_CURE = hired_onとleft_onを訂正するか、賞与原資を外してください
SAVE_FILE_AS_UTF_8 = ファイルをUTF-8で保存してください
JOINED = { $one }{ $other }

## The command line: what cannot be done

STEP_FAILED = 手順：{ $step }
NOBODY_CREDITED_AT_ALL = どの記録の時点でも勤務中の人がおらず、担当者名のある記録もありません
    .people = { $rows }行が除外され、ほかの人はどの記録の時点でも勤務中ではありません
    .duty = どの記録の時点でも勤務中の人がおらず、シフト表、打刻、または引き継ぎの{ $rows }行が除外されました
NOBODY_EMPLOYED =
    { $from }から{ $to }までに在籍している人がいません。{ $people }人を読み取り、{ $rejected ->
        [0] 除外された行はありません
       *[other] { $rejected }行が除外されました
    }
NOBODY_EMPLOYED_CURE = hired_onとleft_on、または期間を訂正してください
RECORD_RATE_MISSING_CURE = その日以前の為替レートを、出典付きでrates.csv（列：date、from、to、rate、source）に書いてください
NOBODY_CREDITED_CURE = この期間のrosters.csv、punches.csv、またはhandovers.csvを用意するか、アカウントと時刻を訂正してください
    .rejected = 先にそれらの行を修正してください。rejected.csvに行ごとの対処方法があります
OUT_NOT_EMPTY = 結果のフォルダーが空ではありません
OUT_IN_USE = 別の実行が結果をそこに書き込んでいます
OUT_NOT_EMPTY_CURE = --outで別のフォルダーを指定するか、先に削除してください
BUNDLE_NOT_EMPTY = フォルダーが空ではありません
BUNDLE_NOT_EMPTY_CURE = --bundleで別のフォルダーを指定するか、先に削除してください
CLOSE_INTERRUPTED = 中断しました。{ $folder }には何も残っていません。同じコマンドで最初からやり直せます
FINDINGS_ARE_IN = 検出された内容は{ $file }にあります
REJECTED_ROWS_ARE_IN = 除外されたすべての行は{ $file }にあります
REJECTED_ROWS_UNWRITTEN = 除外された行がありますが、{ $file }に書き込めませんでした
STORE_IN_USE = 別のtallyプロセスが{ $folder }のデータを使用中です。SQLiteのデータベースを使えるのは一度に1つだけです。そのプロセスを停止するか、--set database.url=sqlite://FOLDER/{ "{" }service{ "}" }.db で別のデータを指定してください
CURE_AND_REJECTED = { $cure }。除外されたすべての行は{ $file }にあります
NOT_IN_MONTH = この月に{ $what }という記録も人もありません。{ $record }のようなrecords.csvのexternal_idか、{ $person }のようなpeople.csvのemployee_noまたは名前を指定してください
NO_MANIFEST = manifest.jsonがないため、結果のフォルダーではありません
MANIFEST_DOUBLE = ファイル{ $file }が2回書かれています
MANIFEST_ELSEWHERE = このフォルダーのファイルではない{ $file }が書かれています
NO_MANIFEST_CURE = tally close（--out）が書き出したフォルダーを指定してください
BAD_MANIFEST = { $error }
RESTORE_FOLDER_CURE = 保管場所からフォルダーを復元してください
SUITE_NAMES_ANOTHER_PERSON = システムが、データ一式にない人{ $id }を示しています。当方の不具合です
SUITE_NAMES_ANOTHER_ACCOUNT = システムが、データ一式にないアカウント{ $id }を示しています。当方の不具合です
SUITE_LISTS_LESS = 書き込んだばかりの内容がシステムの一覧にありません。当方の不具合です
CYCLE_WATCH_ENDED = 評価サイクルを締め終える前に、サービスからの通知が止まりました。もう一度実行してください
RECORDS_DO_NOT_ADD_UP = { $sent }件の記録を入れ、評価サイクルでは{ $counted }件、出力は{ $told }件です。当方の不具合です
CANNOT_MAKE_FOLDER = フォルダー{ $folder }を作成できません：{ $error }
CANNOT_READ = { $file }を読み取れません：{ $error }
CANNOT_WRITE = { $file }に書き込めません：{ $error }
IO_NOT_FOUND = 存在しません
IO_PERMISSION_DENIED = このユーザーには権限がありません
IO_ALREADY_EXISTS = すでに存在します。別のものを指定するか、先に移動してください
IO_IS_A_FOLDER = フォルダーです
IO_NOT_A_FOLDER = パスの途中にフォルダーではないものがあります
IO_FOLDER_NOT_EMPTY = フォルダーが空ではありません
IO_DISK_FULL = ディスクがいっぱいです
IO_READ_ONLY = ディスクが読み取り専用です
IO_ADDRESS_IN_USE = ほかのプログラムがそこで待ち受けています
IO_ADDRESS_NOT_HERE = このマシンにそのアドレスはありません
IO_NOT_TEXT = UTF-8のテキストではありません
IO_NOBODY_LISTENS = そこで待ち受けているプログラムがありません
IO_NO_ANSWER = 時間内に応答がありませんでした
IO_NO_WAY_THERE = このマシンからそこへ到達できません
IO_NO_SUCH_HOST = その名前のホストはありません
IO_FOLDER_CLOSED = フォルダーへの書き込みが許可されていません
TLS_SAYS = TLSライブラリのメッセージ：{ $cause }
SERVER_SAYS = サーバーのメッセージ：{ $cause }
IO_OTHER = OSのメッセージ：{ $cause }
CURE_ALREADY_DIFFERENT = システムが正しい場合は行を訂正し、行が正しい場合はシステムの内容を訂正してください。取り込みは何も上書きしません
CURE_DIFFERENT_CONTENT = システムが正しい場合は行を訂正し、行が正しい場合はより大きいリビジョンを付けてください。リビジョンがないと、取り込みは何も上書きしません
CURE_REFERS_TO_NOTHING = 参照先の記録を先に取り込むか、refers_toを訂正してください
CURE_PERSON_UNKNOWN = 人をpeople.csvに追加して、もう一度取り込んでください
CURE_ACCOUNT_UNKNOWN = アカウントをaccounts.csvに追加して、もう一度取り込んでください
CURE_ALIAS_OVERLAP = 別名の一方の意味を終えてから（to列）、もう一方を始めてください
CURE_PLACE_WRONG = accounts.csvのチームか、group.yamlのその支社のリージョンを訂正してください
CURE_OUT_OF_REACH = チームがほかの支社に移った可能性があります。チームに権限の及ぶ人に行を取り込んでもらうか、行を除いてください
CURE_RECORD_OUT_OF_REACH = その日にアカウントのチームを担当していた人か、グループに行を取り込んでもらってください
CURE_REPLY_RECORD_UNKNOWN = 記録をメッセージと一緒に取り込むか、その日の記録を取り込める人に取り込んでもらってください
CURE_CLAIM_WITHDRAWN = 行を除いてください。この担当申告は理由を付けて取り消されています
CURE_ROWS_CONTRADICT = 正しい行を残して、もう一度取り込んでください
CURE_KEPT_BACK = このファイルに示されたその行を先に訂正するか、権限の及ぶ人に取り込んでもらってから、もう一度取り込んでください。この行も一緒に取り込まれます
CURE_PERIOD_PURGED = 先にこれらの月のデータの保存期間を延ばして（SetRetention、最長120か月）もう一度取り込むか、行を除いてください
CURE_REFUSED_ROW = 示された内容を訂正して、もう一度取り込んでください。取り込み済みの行は「登録済み」として数えられます
    .file = 示された内容を訂正するか、行を除いてください

## Settings and arguments

SETTING_CANNOT_HOLD = 設定{ $key }：{ $problem }
SETTING_SET_IN = { $problem }（{ $place }）
SETTING_IN_FILE = ファイル{ $file }で設定
SETTING_IN_VARIABLE = 環境変数{ $name }で設定
SETTING_ON_COMMAND_LINE = コマンドラインで設定
SETTING_NOT_KNOWN = そのような設定はありません。ここにあるのは{ $known }です
SETTING_EXPECTED = { $found }になっていますが、{ $expected }が必要です
    .alone = { $expected }が必要です
SETTINGS_NOT_TOML = ファイルがTOMLではありません。各行が[SECTION]またはKEY = VALUEになっているか確認してください
    .at = ファイルが{ $line }行目、{ $column }文字目からTOMLではありません。各行が[SECTION]またはKEY = VALUEになっているか、テキストが引用符で囲まれているか確認してください
SETTING_FILE_MISSING = ファイル{ $file }がありません
SETTING_FILE_EMPTY = { $file }が空です
SETTING_SERVICE_UNKNOWN = サービス{ $name }はありません。あるのは{ $known }です
SETTING_SERVICES_NONE = { $known }のうち1つ以上を指定してください
SETTING_PEER_MISSING = { $name }はこのプロセスにありません（server.services）。その場所をhttps://host:port の形式で指定してください
SETTING_AT_LEAST_ONE = 1以上が必要です
SETTING_AT_MOST = { $most }以下にしてください
SETTING_SERVICE_TWICE = { $name }が2回指定されています。各サービスは1回だけ指定してください
SETTING_DATABASE_URL = sqlite://DIRECTORY/{ "{" }service{ "}" }.db またはpostgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE が必要です
SETTING_SERVICE_IN_URL = サービスごとに専用のファイルがあります。名前に{ "{" }service{ "}" }を入れて、sqlite://DIRECTORY/{ "{" }service{ "}" }.db としてください。フォルダーが / で始まる場合はsqlite:///DIRECTORY/{ "{" }service{ "}" }.db です
    .role = サービスごとに専用のロールでログインします。ロールにtally_{ "{" }service{ "}" }と書いて、postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE としてください
SETTING_PEER_IN_CLEAR = { $address }はループバックの外です。https://host:port が必要です
SETTING_HTTP_IN_CLEAR = { $ip }はループバックの外で、ゲートウェイはTLSを使いません。TLSを使うプロキシの背後のループバックで待ち受けるか、ネットワーク自体が暗号化されている場合はserver.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_payを設定してください
SETTING_NO_NETWORK = 「{ $text }」はネットワークではありません。10.0.0.0/8のように、アドレスとプレフィックス長を指定してください
SETTING_NO_ORIGIN = 「{ $text }」はオリジンではありません。https://hr.example のように、スキームとホストを小文字でパスなしで指定するか、すべての場合は * を指定してください
SETTING_CERTIFICATE_AND_KEY = 証明書とその鍵は一組です。両方を設定するか、両方とも外してください
SETTING_LISTEN_IN_CLEAR = { $ip }はループバックの外です。server.tls_certificateとserver.tls_keyを設定してください
SETTING_KEYS_GENERATED = { $ip }はループバックの外で、自動生成の鍵は使えません。ディレクトリを指定してください
SETTING_PASSPHRASE_TWICE = keys.passphraseも設定されています。どちらか一方だけを設定してください
SETTING_LOG_LEVELS = 「{ $part }」はレベル（{ $levels }）でも、tally_store=debugのようなMODULE=LEVELでもありません。複数の場合はカンマで区切ります
SETTING_AUTHORITY_ALONE = 呼び出し元の証明書に署名する認証局の設定ですが、このサーバーはTLSを使っていません。server.tls_certificateとserver.tls_keyも設定してください
SETTING_NO_CERTIFICATE = ファイル{ $file }に、読み取れる証明書がありません。-----BEGIN CERTIFICATE----- を含むPEMファイルを指定してください
SETTING_NO_PRIVATE_KEY = ファイル{ $file }に、読み取れる秘密鍵がありません。-----BEGIN PRIVATE KEY----- を含む、暗号化されていないPEMファイルを指定してください
SETTING_KEY_OF_ANOTHER = { $file }の秘密鍵は、{ $certificate }の証明書に対応していません。この証明書用に作られた鍵を指定してください
SETTING_CERTIFICATE_OVER = { $file }の証明書の有効期限が切れています。期限は{ $until }、このマシンの時計は{ $now }です。署名した認証局から新しい証明書を取得してください。時計が誤っている場合は合わせてください
    .early = { $file }の証明書はまだ有効ではありません。開始は{ $from }、このマシンの時計は{ $now }です。時計が誤っている場合は合わせてください。それ以外の場合はお待ちいただくか、以前の証明書を指定してください
SETTING_CERTIFICATE_OF_ANOTHER = { $file }の証明書は、このプロセスと呼び出し先のサービス（peers）が互いを確認する{ $authority }の認証局によって署名されていません。署名した認証局か、この認証局が署名した証明書を指定してください
SETTING_REDIS_URL = redis://HOST:PORT、TLSの場合はrediss://HOST:PORT が必要です。パスワードはホストの前に、redis://:PASSWORD@HOST:PORT のように書きます
SETTING_ENDPOINT = http://127.0.0.1:4317のようなコレクターのアドレスが必要です
SAMPLE_NEEDS_ALL = --sampleには1つのプロセスにすべてのサービスが必要ですが、{ $name }が指定されていません
EXPECT_ADDRESS = アドレスとポート（例：127.0.0.1:7070）
EXPECT_ONE_OF = { $words }のいずれか
EXPECT_WHOLE_NUMBER = 整数
    .to = 0～{ $most }の整数
EXPECT_TRUE_OR_FALSE = trueまたはfalse
EXPECT_TEXT = テキスト
EXPECT_LIST = リスト（例：["a", "b"]またはa,b）
EXPECT_OTHER = 別の種類の値
EXPECT_UUID = UUID
EXPECT_DATE = 日付（例：2026-03-31）
EXPECT_INSTANT = 時差付きの日時（例：2026-03-31T09:00:00+08:00）
EXPECT_FROM_TO = { $from }～{ $to }
ARG_VALUE_WRONG = { $arg }：「{ $value }」は使えません。必要な値：{ $expected }
ARG_WITHOUT_VALUE = { $arg }には値が必要です
ARG_VALUES_WRONG = { $arg }：値の数が異なります
ARG_UNKNOWN = 引数{ $arg }はありません
    .near = 引数{ $arg }はありません。{ $near }のことですか？
COMMAND_UNKNOWN = コマンド{ $name }はありません
    .near = コマンド{ $name }はありません。{ $near }のことですか？
COMMAND_MISSING = コマンドを指定してください：{ $known }
ARG_MISSING = 不足：{ $arg }
ARG_CONFLICT = { $arg }は{ $other }と一緒に使えません
ARG_NOT_TEXT = 引数にUTF-8のテキストではないものがあります
ARG_USAGE = 使い方：{ $usage }（詳細は --help）

## The command line: pages

SHOW_NOT_DONE = 未完了
SHOW_NOT_DONE_STEP = { $step }：{ $why }
SHOW_REST_IS_THERE = それより前の結果は、すべて結果のフォルダーにあります。原因を取り除いた後、別の --outを指定して同じコマンドを実行すると、残りも完了します。
RUNG_TAG = プラットフォームに担当者名あり
RUNG_HANDOVER = 引き継ぎでアカウントを保持
RUNG_SOLE = 勤務中は1人だけ
RUNG_INFERRED = 誰がいつ対応中だったかから推定
RUNG_EQUAL = 勤務中の人で均等に配分
RUNG_SPLIT = 共同対応者で配分
RUNG_CLAIM = クリックによる担当申告
RUNG_DEVICE = 端末による
RUNG_REPLIES = 返信の時刻で重み付け
RUNG_TAG_SHARE = 近くの担当者名で重み付け
RUNG_TEAM = 手がかりがなく、チームで配分
RUNG_UNATTRIBUTED = 誰にも帰属せず
STEP_DUTY = 人、アカウント、勤務
STEP_RECORDS = 記録
STEP_REPLIES = 記録のメッセージ
STEP_CLAIMS = 担当申告
STEP_RATES = 為替レート
STEP_OBSERVATIONS = 観測値
STEP_CYCLE = 帰属とスコア
STEP_PUBLISH = 公開
STEP_SETTLEMENT = 精算
STEP_CREDITS = 帰属
STEP_TOTALS = 合計
STEP_CARDS = スコアカード
STEP_STATEMENTS = 支給明細
STEP_FINDINGS = 検出事項
STEP_INPUTS = 入力
PROGRESS_READING = 読み取り中
PROGRESS_MAKING = 1か月分を作成中
PROGRESS_COUNTING = 集計中
PROGRESS_ROWS = 行
KIND_MISSING_PUNCH = 出勤だけ、または退勤だけの打刻
KIND_UNCOVERED_SHIFT = シフトはあるが、その日は別の時間にしか打刻がない：シフトは集計しません
KIND_BARELY_COVERED_SHIFT = シフトはあるが、その日の打刻は別のシフトのもの：このシフトは端しか集計しません
KIND_HELD_BY_OTHERS = シフトはあるが、引き継ぎではほかの人だけがアカウントを保持：シフトは集計しません
KIND_NOT_EMPLOYED = その時在籍していない人のシフト、打刻、または保持
KIND_DOUBLE_IN = 出勤の打刻が2回：2回目を採用します
KIND_OVERLAP = 複数の人が1つのアカウントを同時に保持
KIND_MISSING_RELEASE = アカウントを引き受けたまま引き渡していない
KIND_RELEASE_WITHOUT_TAKE = 保持していないアカウントを引き渡した
KIND_UNHELD_ACCOUNT = アカウントまたはその一部の記録について、勤務中の人がいない
KIND_NO_DUTY_EVIDENCE = シフト表、打刻、引き継ぎがない：チーム全体を勤務中とみなします
KIND_NOT_SETTLED = 賞与原資を配分できなかった
KIND_ODD_PUNCHES = 1日の打刻の回数が奇数：最後の打刻に対がない
KIND_SINGLE_PUNCH = 1日に打刻が1回だけで、対がない
KIND_PUNCHES_BETWEEN = 1日の最初と最後の間の打刻を除外した
KIND_LONG_PRESENCE = 出勤・退勤の区別のない打刻による、13時間を超える在勤
KIND_READ_AS_NIGHT = 出勤・退勤の区別のない打刻を夜勤とみなした
KIND_DAY_OR_NIGHT = 出勤・退勤の区別のない打刻が日勤とも夜勤とも読める：日勤とみなします
KIND_TAG_OFF_DUTY = 記録に名前のある人が勤務中でなかった：名前を優先します
KIND_NAMED_WITHOUT_AGENT = 記名アカウントの記録に担当者名がない
KIND_MIXED_WITHOUT_TAG = 移行中のアカウントの記録に担当者名がない
KIND_TOO_FEW_TO_INFER = 推定するには記録が少なすぎる：均等に配分します
KIND_SEVERAL_AT_ONCE = 複数の会話に同時に対応し、人を区別できない：均等に配分します
KIND_TOO_FEW_REPLIES = 1人あたりの返信が少なく、人を区別できない：均等に配分します
KIND_REPLIES_TOO_DENSE = 返信の間隔が短く、時刻で人を区別できない：均等に配分します
KIND_EVIDENCE_UNEVEN = 自分のものと示す割合が人によって大きく異なる：示されていない割合で重み付けします
KIND_CLOCK_WITHOUT_SECONDS = 返信の時計に秒がない：均等に配分します
KIND_CLAIM_OFF_DUTY = 勤務中でない人の担当申告は集計しません
KIND_CLAIM_WITHOUT_RECORD = 記録が届かなかった会話の担当申告
KIND_CLAIMS_DIFFER = 1つの記録に複数の人の担当申告があるか、別の担当者名がある
KIND_DEVICE_OFF_DUTY = 勤務中でない人の端末は集計しません
KIND_DEVICE_OF_SEVERAL = 同時に複数の人のものである端末は集計しません
KIND_DEVICE_OF_NOBODY = 誰のものでもない間に端末が使われた：名前の誤り、シフトのない座席、または登録の日付違い
KIND_EVIDENCE_NOT_READ = ポリシーのバージョンが読み取らない担当申告、端末、メッセージの時刻
KIND_REPLY_OUTSIDE_RECORD = 記録より前または後の返信は集計しません
KIND_BREAKS_NOT_PUNCHED = 途切れのない勤務の中の、仕事のない数時間：打刻されていない休憩
KIND_CLOCKS_APART = メッセージの時計が記録の時計と数分ずれている：記録の時計で読み取ります
KIND_DID_NOT_SETTLE = 推定が収束しなかった：均等に配分します
KIND_CONTRIBUTOR_UNKNOWN = 記録の共同対応者が登録されていない
KIND_CONTRIBUTOR_OFF_DUTY = 記録の共同対応者が勤務中でなかった：名前を優先します
KIND_CONTRIBUTORS_NOT_SPLIT = 記録に共同対応者があるが、ポリシーでは按分しない
KIND_UNKNOWN_AGENT = 記録の担当者名が登録されていない
KIND_AMOUNTS_CONVERTED = 金額を別の通貨から換算した
KIND_CONVERTED_ENCODING = GBKまたはUTF-16のファイルを変換した
KIND_CONVERTED_SEPARATOR = 列がタブまたはセミコロンで区切られていた
KIND_MISSING_COLUMN = 列がない：その列に関するものは測定しません
KIND_UNKNOWN_COLUMN = どこでも使われない列：名前の誤りかもしれません
KIND_UNKNOWN_FILE = どこでも使われないファイル：名前の誤りかもしれません
KIND_EMPTY_FILE = 任意のファイルが空
KIND_DUPLICATE_RECORD = 同じ記録が複数回：1回だけ採用します
KIND_DUPLICATE_ROW = 同じ行が複数回：1回だけ採用します
KIND_OUTSIDE_PERIOD = 期間外の記録とそのメッセージ、および期間外の担当申告を除外し、期間外の観測値は集計しません
KIND_DAMAGED_ID = 表計算ソフトで破損した可能性のあるID、顧客、またはほかの値
KIND_HOUR_TWICE = 時計が戻された：同じ1時間が2回ある
KIND_NO_VALUE = 値がないことを示すセルを空とみなした
KIND_CLEANED_CELL = 目に見えない文字や、書き出しで付いた小数を除いてセルを読み取った
KIND_LONG_RECORD = 1日以上続く記録
KIND_REPLIES_TOO_MANY = 1つの記録としては多すぎるメッセージ
KIND_POPULATION_OF_NOBODY = 対象者の条件に、誰も就いていない役職または等級がある
KIND_TRANSFER = 別の組織、役職、または等級に移った人がいる
KIND_REHIRE = 退職して戻った人がいる
KIND_TEAM_WITHOUT_PEOPLE = アカウントのチームに人がいない
KIND_BRANCH_WITHOUT_PEOPLE = 支社に人がいない
KIND_MEASURE_NOT_SENT = 測定値のデータを持つ人がいない：その指標は誰についても集計しません
KIND_OBSERVATIONS_BEYOND_PERIOD = 観測値が期間を超えている：集計しません
KIND_OBSERVATIONS_UNREAD = 観測値の測定値を使う指標がない：名前の誤りかもしれません
KIND_REFUND_EXCEEDS_SALE = 返金額が売上額を超えている
SHOW_HEADLINE = { $group }、{ $from }～{ $to }
SHOW_SIZE = 対応記録{ $records }件、アカウント{ $accounts }件、{ $people }人
SHOW_REJECTED = { $count }行が除外されました。どの行か、理由、直し方はrejected.csvにあります
SHOW_NOT_SPLIT = 賞与原資は配分されていません
SHOW_SCORES_KEPT = 帰属、スコアカード、検出事項は完成しています。これを訂正して、もう一度月を締めてください。
SHOW_NO_POOL = 賞与原資なし、精算なし
SHOW_NO_POOL_HINT = データ一式にpool.yamlを入れると、スコアが金額になります。
SHOW_POOL = 賞与原資
SHOW_AMOUNT = 金額
SHOW_TO_PEOPLE = { $people }人へ
SHOW_TO_FUND = チーム基金へ
SHOW_THREE_STATEMENTS = 支給明細3件（最小単位まで）
SHOW_BESIDE_EQUAL = 均等に配分した場合は全員約{ $equal }です。これより多い人は{ $more }人（最大+{ $most }）、少ない人は{ $less }人（最大{ $least }）です。
SHOW_STATEMENT_HEAD = { $name } { $number }：{ $total }（均等配分：{ $equal }）
SHOW_WORTH_A_LOOK = 確認をお勧めするもの（1件ずつの内容はfindings.csvにあります）
SHOW_TIMINGS = 所要時間とダイジェスト
SHOW_SECONDS = { $step } { $seconds }秒
SHOW_IN_ALL = 合計{ $total }秒：{ $longest }
SHOW_SAME_DIGEST = 同じファイルなら、いつ、どのマシンでもこの値になります
SHOW_WHO_SERVED = 誰が何に対応したか、その確かさ
SHOW_CERTAIN = { $certain }は担当者名または1人だけの勤務に基づきます。{ $rest }件の記録は誰にも帰属せず、それぞれに理由があります。
SHOW_BUSIEST = 最も忙しい共有アカウント（90%区間）
SHOW_WORTH = 証拠が増えると何が変わるか
SHOW_WORTH_SAID = 実際に対応した人以外に帰属していると見込まれる記録の、現在の割合と証拠が増えた場合の割合です。見込みであり、保証ではありません。すべてのアカウントはevidence.csvにあります。
SHOW_COLUMN_NOW = 現在
SHOW_COLUMN_BREAKS = 休憩を打刻
SHOW_COLUMN_DEVICES = 端末30%
SHOW_COLUMN_CLAIMS = 申告半分
SHOW_COLUMN_RECORDS = 記録
SHOW_COLUMN_INTERVAL = 90%区間
SHOW_COLUMN_CERTAIN = 確実
SHOW_COLUMN_ACCOUNT = アカウント
SHOW_OTHERS = ほか{ $others }人
SHOW_SCORES = { $people }人のスコア（{ $scheme }）
SHOW_OUTSIDE = 対象者以外の{ $people }人には、ここではスコアカードも支給もありません。この人たちに帰属する記録：{ $records }件
SHOW_COLUMN_PLACE = #
SHOW_COLUMN_WHO = 人
SHOW_COLUMN_TEAM = チーム
SHOW_COLUMN_CREDITED = 帰属
SHOW_COLUMN_SCORE = スコア
SHOW_COLUMN_COLLABORATION = 協力
SHOW_CARD = { $name } { $number }：{ $score }点、{ $of }人中{ $rank }位
SHOW_COLLABORATION = 協力：記録{ $credited }件中{ $outside }件が自分のシフトまたはチームの外で、{ $points }点が加わります。
SHOW_RECORD = { $account }の記録{ $id }
SHOW_EVIDENCE = 証拠：{ $evidence }（ポリシー{ $version }）
SHOW_NOTHING_CREDITED = この月に、この人に帰属する記録はありません。
SHOW_ALL_ACCOUNTS = すべて
SHOW_SCORE_STEPS = スコアの計算手順
SHOW_STATEMENT = 支給明細
SHOW_RECORDS_BEHIND = 根拠となる記録：{ $all }件中{ $shown }件（すべてはcredits.csvにあります）
DEMO_TRUTH = 真実との差（デモは真実を知っています）
DEMO_RIGHT = 記録ごとの正しい割合
DEMO_WRONG = 月全体の誤りの割合
DEMO_EQUALLY = 各記録をチームで均等に配分
DEMO_AS_TALLY = Tallyによる帰属
DEMO_TRUTH_SAID = プラットフォームに担当者名のない{ $records }件の記録について、1つの記録のうちどれだけが実際に対応した人に帰属するか、また、誤りが打ち消し合った後に月の仕事のどれだけが別の人の名前で残るかを示します。
DEMO_INTERVALS = これらのアカウントの人の区間{ $totals }個のうち、{ $holding }個に真実が含まれます。
DEMO_RUNGS_SAID = それをもたらす証拠を、判断の段階ごとに示します：
DEMO_RUNG_RECORDS = 記録
DEMO_RUNG_EQUALLY = 均等配分での正しさ
DEMO_RUNG_TALLY = 帰属での正しさ
DEMO_RUNG_GAIN = 改善に占める割合
DEMO_SKILLS = この月に見えたスキルと応援
DEMO_LATE = 証拠はまだ届いていません
DEMO_PROFILE = { $name } { $number }：{ $accounts }で対応（{ $platforms }）、協力{ $points }
DEMO_STANDARD = { $scheme }（グループの標準）
DEMO_USER_BRANCH_HR = { $branch }の月を締める。ほかの支社は見えない
DEMO_BRANCHES = 支社ごとに自分の月を締めます
DEMO_BRANCHES_SAID = 同じ帰属から、グループの標準から派生させた支社ごとの制度で評価します。標準では、指標のウェイトを支社が{ $within }点まで増減できます。順位は支社の中でのものです。
DEMO_COLUMN_BRANCH = 支社
DEMO_COLUMN_FAVOURS = 重視する指標
DEMO_COLUMN_PEOPLE = 人
DEMO_COLUMN_CREDITED = 記録に占める割合
DEMO_COLUMN_FIRST = 1位
DEMO_COLUMN_SCORE = スコア
DEMO_COLUMN_IN_GROUP = グループ内順位
DEMO_MANAGERS = 自分では顧客対応を行わない{ $people }人のスコアカード
DEMO_MANAGERS_SAID = チームの成果を、日ごとのチームについてパーセントで示します。
DEMO_MANAGERS_SCHEME = 管理者
DEMO_RIGHT_HEADING = 公開と支給の後に{ $branch }を訂正
DEMO_RIGHT_PAID = { $people }人に{ $amount }が支給されました。
DEMO_RIGHT_RATINGS = その後、プラットフォームから{ $account }の顧客評価{ $ratings }件が、いずれも1に下げて送り直されます。これに基づく評価サイクルは{ $cycles }件です。公開済みと計上済みの内容はそのまま残ります。
DEMO_RIGHT_REASON = 購入者が後から顧客評価を変更した
DEMO_RIGHT_CARDS = 訂正により、{ $people }人のスコアカードが新しいバージョンになります。
DEMO_RIGHT_DELTAS = { $people }人の金額が変わります。増額{ $more }、減額{ $less }で、支社の次の精算に含まれます。差額の大きいもの：
DEMO_RIGHT_CARD = { $name }が見る内容：
DEMO_COLUMN_WHO = 人
DEMO_COLUMN_PAID = 支給済み
DEMO_COLUMN_RIGHT = 正しい金額
DEMO_COLUMN_DELTA = 差額
DEMO_NEXT = 次にできること
DEMO_OWN_MONTH = 自分の月で試す。フォルダーの内容はdocs/bundle.mdを参照
DEMO_AGAIN = この月をもう一度実行し、ファイルを確認する
DEMO_COPY = この月をファイルに書き出し、ひな形にする
DEMO_WHY = ある人または記録の結果の理由を見る
DEMO_REPLAY = 再計算して1バイトずつ比較する
DEMO_CONSOLE = ブラウザーで http://{ $address } を開いてください。Ctrl-Cで終了します
DEMO_FIRST = まず見るもの：{ $agent }は担当者自身の月と報酬、{ $supervisor }はアカウントを誰がいつ使っていたかを確認でき、hr1は月を締め、payroll、approver、payerが支給し、auditorはすべてを閲覧できます。
DEMO_GRPC = gRPC：http://{ $address }
DEMO_PASSWORD = 今回の実行用に作成した、全員共通のパスワード：{ $password }
DEMO_TOKEN = トークン：{ $command }
DEMO_HTTP = REST（JSON）：内容はhttp://{ $address }/openapi.json にあります
DEMO_CLOCK = 締める間、グループの時計は月の翌日で止まり、そこから進みます。何も保存されません。
DEMO_USER_ADMIN = グループを構成し、ロールを付与する。スコアと報酬は見えない
DEMO_USER_HR = 人、勤務、評価サイクル。報酬は見えない
DEMO_USER_PAYROLL = 賞与原資と精算。自分のものは承認できない
DEMO_USER_APPROVER = ほかの人が準備したものを承認する
DEMO_USER_PAYER = ほかの2人が準備し承認したものを計上する
DEMO_USER_AUDITOR = すべてを閲覧し、何も変更しない
REPLAY_VERSION = { $what }：結果の計算時は{ $then }、現在は{ $now }
REPLAY_TZDB = タイムゾーンデータベース
REPLAY_IDENTICAL = 一致：{ $files }個のファイル、ダイジェスト{ $digest }
REPLAY_NOT_COVERED = 元になった内容が入力にないため未比較：{ $files }
REPLAY_ALTERED = 改変あり：{ $what }
REPLAY_DIFFERENT = 相違あり：{ $file }、{ $line }行目
REPLAY_MISSING = フォルダーにない：{ $file }
REPLAY_INPUT_CHANGED = inputs/{ $file }：内容が変更されています
REPLAY_INPUT_MISSING = inputs/{ $file }：存在しないか、読み取れません
REPLAY_INPUT_ADDED = inputs/{ $file }：追加されたものです
REPLAY_IN_FOLDER = フォルダー：{ $line }
REPLAY_RECOMPUTED = 再計算　：{ $line }
REPLAY_ENDS = （ファイルはこの行より前で終わっています）

## Replaying over the rpcs


## The command line: help. HELP_ and the name of a command, its arguments by name; HELP_SHARED has what several take alike

PAGE_USAGE = 使い方：
PAGE_COMMANDS = コマンド：
PAGE_ARGUMENTS = 引数：
PAGE_OPTIONS = オプション：
PAGE_DEFAULT = （既定値：{ $value }）
PAGE_VALUES = （使える値：{ $values }）
PAGE_ENV = （環境変数：{ $name }）
HELP_SHARED =
    .help = ヘルプを表示します
    .version = バージョンを表示します
    .bundle = people.csv、accounts.csv、records.csvなどのファイルがあるフォルダー（docs/bundle.md）
    .from = 期間の初日（例：2026-03-01）。--toと一緒に指定します。既定ではgroup.yamlの期間、なければすべての記録を含む月です
    .to = 期間の最終日（例：2026-03-31）。この日も含みます
    .lang = 文と、`tally demo`の名前に使う言語。コマンドの前にも指定できます。既定では環境（LC_ALL、LC_MESSAGES、LANG）に従います
    .plain-csv = プログラム用のCSV。表計算ソフトに必要な、バイト順マークと、数式のように始まるセルの前のアポストロフィを付けません
    .json = 要約をJSONだけで出力します
    .server = システムの待ち受け先（例：https://tally.example:7070）。既定では設定のclient.server、なければ`tally login`で最後にログインした先、それもなければhttp://127.0.0.1:7070 です
    .ca = サーバーの証明書に署名する認証局のファイル（PEM）。既定ではこのマシンが信頼する認証局です
    .client-cert = 証明書を求めるサーバーに提示する証明書チェーンのファイル（PEM）。--client-keyと一緒に指定します
    .client-key = --client-certの秘密鍵のファイル（PEM）
    .token-file = トークンを保存したファイル。標準入力の場合は -。既定では`tally login`が記憶したトークン、なければ標準入力です
    .config = 設定ファイル（TOML）
    .set = キーを1つ設定します（例：database.url=postgres://..）。繰り返し指定できます
    .dump-config = 有効な設定を、機密を伏せて出力し、終了します
HELP_TALLY = 誰がどの仕事をし、それにどれだけの価値があり、いくら支給され、それはなぜか
HELP_HELP = このページ、またはコマンドのヘルプを表示します
HELP_DEMO = 架空のグループで主な流れを示します。1か月の記録が支給明細になります（一時フォルダーのSQLiteを使用）
    .once = 要約の後、グループを提供せずに終了します
    .seed = グループの元になる数。別の数では別のグループになります
    .records = 月の対応記録のおおよその件数、1～5,000,000。100未満の場合は100件です
    .bundle = 月のファイルを書き出す、新しいまたは空のフォルダー。ひな形に使えます
    .listen = 要約の後に提供するアドレスとポート
    .http = 要約の後のRESTのアドレスとポート
HELP_CLOSE = 自分のファイルで主な処理を行います。1か月の記録がスコアカードと支給明細になります
    .out = 結果のフォルダー：新しいもの、または空のもの
    .explain = 終了後に、1件の記録（external_id）または1人（従業員番号か名前）について説明します
    .database = 一時フォルダーのSQLiteの代わりにPostgreSQLを使います：空のデータベースの所有者のURL
HELP_IMPORT = 1か月分のファイルを稼働中のシステムに取り込み、前後の内容を示します
    .out = report.json、findings.csv、rejected.csv、refused.csvのフォルダー
    .accept-damaged = 表計算ソフトがIDや顧客を縮めた行も書き込みます。システムにはその内容がそのまま残ります
    .json = 報告をJSONだけで出力します
HELP_REPLAY = 結果のフォルダーをその入力から再計算し、同じ結果になるか、また対象にならないファイルはどれかを示します
    .dir = `tally close`が書き出した結果のフォルダー
    .json = 判定をJSONだけで出力します
HELP_SERVE = 1つ、一部、またはすべてのサービスを実行します
    .services = 実行するサービスをカンマで区切って指定します（例：identity,attendance）。既定では設定のとおり、すべてです
    .listen = 待ち受けるアドレスとポート。既定では設定の127.0.0.1:7070です
    .http = このプロセスにゲートウェイがある場合の、ゲートウェイのアドレスとポート。既定では設定の127.0.0.1:8080です
    .sample = 空のデータベースで、`tally demo`の架空のグループから始めます
HELP_INIT = 空のデータベースに、グループと最初の管理者を作成します
    .name = グループの名前
    .currency = グループの通貨（ISO 4217）
    .zone = グループのタイムゾーン（IANA）
    .regions = グループのリージョンをカンマで区切って指定します（例：cn-east,cn-south）
    .tenant-id = あらかじめ決めたグループのID、または別のリージョンの環境でのID。データベースにこのグループがすでにある場合は何も変更せず、失敗ともしません
    .login = 最初の管理者のログイン名
    .password-file = 管理者のパスワード（12文字以上）を保存したファイル。指定しない場合は標準入力の1行目です
    .invitation-file = `tally invite`の出力を保存したファイル。データベースに別のグループがすでにある場合に使います
HELP_INVITE = すでにグループのあるデータベースに、もう1つグループを作るための招待を出力します（PostgreSQL）
    .tenant-id = 別のリージョンの環境で先にグループを作った場合の、グループのID。既定では新しいグループです
    .days = 有効日数、最大30日
HELP_MIGRATE = データベースを最新の状態にします（PostgreSQL：所有者のURLを使用）
HELP_LOGIN = 標準入力の1行目のパスワードで、以後のコマンドが使うトークンを取得します
    .login = ログイン名
    .code = 二要素認証を設定している場合の、認証アプリの6桁の数字または回復コード
    .new-password = 1回のログイン専用のパスワードを受け取った場合に指定します。標準入力の2行目が新しいパスワードです
HELP_USER = 人やプログラムがログインできるようにします
HELP_USER_CREATE = グループ全体または組織に対するロールを1つ持つ、ログインアカウントを作成します
    .login = ログイン名
    .role = ロール（例：group_hr、または --unitと一緒にbranch_hr）
    .unit = 組織（例：East）。ロールが対応していれば配下のすべてを含みます。既定ではグループ全体です
    .password-file = 最初のパスワード（12文字以上）を保存したファイル。標準入力の場合は -
HELP_USER_GRANT = ログインアカウントに、ロールをもう1つ、または不足しているロールを付与します
    .login = ログイン名
    .role = ロール（例：group_hr、auditor）
    .unit = 組織（例：East/Chat）。ロールが対応していれば配下のすべてを含みます。既定ではグループ全体です
HELP_TENANT = グループ全体のデータを持ち出します
HELP_TENANT_EXPORT = すべてのサービスが保持するグループの全データを、テーブルごとのJSON Linesファイルとしてフォルダーに書き出します
    .out = フォルダー。すでに存在するものは指定できません
    .quiet = 進行状況を表示しません
HELP_PERSON = ある人について保持している内容を取り出します
HELP_PERSON_EXPORT = すべてのサービスがある人について保持する全データを、1つのJSONファイルに書き出します
    .person = 人：従業員番号またはID（UUID）
    .out = ファイル。すでに存在するものは指定できません
HELP_RETENTION = データの保存期間を管理します
HELP_RETENTION_RUN = グループの保存期間の定めにより期限の過ぎたデータを、すべてのサービスから削除します
HELP_AUDIT = 監査ログを調べます
HELP_AUDIT_VERIFY = すべてのサービスのチェーンを再計算し、各行の記録を照合して、誤りを示します
    .heads = ログが通過するはずの署名済みヘッドのフォルダー。既定では設定のとおりです
HELP_AUDIT_SEARCH = ある人について誰が何を閲覧または変更したか、あるプリンシパルが何をしたか、ある対象に何が行われたかを、新しい順に示します
    .person = この人に関するもの（UUID）
    .principal = このプリンシパル（UUID）によるもの、または代理で行われたもの
    .subject = この対象に行われたもの（例：statement:0199..）
    .from = この日時（RFC 3339）以降（例：2026-03-01T00:00:00+08:00）
    .to = この日時（RFC 3339）より前
    .json = 1行に1つのJSONオブジェクトを出力します
HELP_SCHEME = グループの標準をある環境から別の環境に移します。また、用意された評価制度から始められます
HELP_SCHEME_EXPORT = グループの評価制度の署名付きファイルを、すべてのバージョンを含めて出力します
    .name = 評価制度の名前
    .from = 環境が複数のリージョンを扱う場合の、送り元のリージョン
HELP_SCHEME_IMPORT = 別のリージョンの環境が書き出したファイルを取り込みます
    .file = ファイル
HELP_SCHEME_TEMPLATE = 最初に使う評価制度をscheme.yamlとして出力するか、どのようなものがあるかを示します
    .name = 評価制度の名前。指定しない場合はすべてを一覧にします
    .out = 書き出すファイル。すでに存在するものは指定できません
HELP_ACCESS = 誰が何をできるかを、確認のために示します
HELP_ACCESS_REVIEW = ある権限を誰が、どの権限付与、委任、または緊急アクセスにより、いつから、誰から得て持っているかを、権限付与の新しい順にCSVで示します
    .permission = 権限（例：報酬の閲覧のcompensation.statement.read_pay）
HELP_KEYS = トークンに署名する鍵と、データベースで封印されたデータの鍵を管理します
HELP_KEYS_MAKE = クラスターのシークレット用に、鍵フォルダーとそのすべてのファイルを作成します。すでにあるものはそのまま残ります
HELP_KEYS_PROTECT = seal.keyをパスフレーズで暗号化するか、パスフレーズを変更します
    .new-passphrase-file = 新しいパスフレーズ（12文字以上）を保存したファイル。指定しない場合は標準入力の1行目です
HELP_KEYS_ROTATE = サービスの稼働中に新しい鍵を作り、すべてをその鍵で封印し直します。前回の実行が止まったところから続けます
    .what =
        対象の鍵。既定ではmasterとdata
        file：seal.keyにマスター鍵を追加するだけで、その鍵で包む前にファイルを配布できるようにします
        master：seal.keyのマスター鍵。すぐに終わり、封印し直すものはありません
        data：データ鍵。封印されたすべての行を封印し直します
HELP_KEYS_ROTATE_SIGNING = サービスに、トークンに署名する新しい鍵を作ります。実行中のプロセスは1分以内に自動で使い始めます
    .service = サービス（例：identity）

## The command line: what was done

CANNOT_MAKE_TEMPORARY = 一時フォルダーを作成できません：{ $error }
CANNOT_REPLACE = { $file }を置き換えられません：{ $error }
CANNOT_CREATE = { $file }を作成できません：{ $error }
CANNOT_WRITE_TO = { $folder }に書き込めません：{ $error }
OUTPUT_LOST = 出力の一部を書き込めませんでした：{ $error }
CANNOT_START = 起動できません：{ $error }
CANNOT_LISTEN = { $address }で待ち受けできません。{ $flag }で別のアドレスを指定するか、--onceで要約の後に終了してください：{ $error }
NOT_OF_TALLY = { $file }は{ $line }行目、{ $column }文字目から、tallyが書き出した内容ではありません
SAMPLE_SKIPPED = データベースにはすでにグループがあります。--sampleでは何も変更しません
SERVING_HTTP = ゲートウェイはhttp://{ $address } です。提供内容はhttp://{ $address }/openapi.json にあります
SAMPLE_FILLED = サンプルのグループを登録しました。全員共通のパスワード（表示は今回だけ）：{ $password }
SERVING = { $scheme }://{ $address } で{ $services }を提供中
NO_GROUP_YET = このデータベースにはまだグループがないため、誰もログインできません。このプロセスを停止し、同じ設定で`tally init --name "My group"`を実行してから、もう一度起動してください
    .beside = このデータベースにはまだグループがないため、誰もログインできません。このプロセスとは別に、同じ設定で`tally init --name "My group"`を実行してください
REGION_OF_NO_GROUP = server.regionsに{ $region }がありますが、このデータベースのどのグループにもそのリージョンがありません（あるのは{ $known }）。このプロセスはほかのリージョンの行を一切提供しません。server.regionsを訂正するか、空にしてすべてを提供してください
REDIS_AWAY = Redis（redis.url）が{ $at }で応答しません。Redisがなくてもすべて動作します。復旧するまで、各プロセスは自分で呼び出しを数え、イベントの受け手は通知を待たずに数秒ごとに確認します
FILE_SWITCH = { $switch }：{ $why }
ASK_PASSWORD_TWELVE = パスワード（12文字以上、入力内容は表示されます）：
ASK_PASSWORD = パスワード（入力内容は表示されます）：
ASK_NEW_PASSWORD = 新しいパスワード（12文字以上）：
ASK_NEW_PASSPHRASE = 新しいパスフレーズ（入力内容は表示されます）：
NO_PASSWORD_GIVEN = 標準入力にパスワードがありません。入力するか、パイプで渡してください
SET_EXPECTED = --set { $pair }：KEY=VALUEの形で指定してください
SUBJECT_EXPECTED = --subject：statement:0199..のように、KIND:IDの形で指定してください
GROUP_DIFFERS = グループ{ $id }はこのデータベースに作成済みで、入力と異なります（{ $differences }）。何も変更していません。そのとおりに入力するか、別のデータベースを選んでください
GROUP_DIFFERENCE = { $what }は{ $typed }ではなく{ $there }
GROUP_WAS_MADE = グループ{ $id }はこのデータベースに作成済みです。何も変更していません
GROUP_MADE = グループ{ $name }（{ $id }）を、管理者{ $login }とともに作成しました
GROUP_NEXT = 次の手順：tally serve、続いてtally login { $login }
OWNER_URL_MISSING = PostgreSQLのスキーマは所有者が作成します。これ（TALLY_DATABASE_OWNER_URL）に所有者のURL、postgres://OWNER:PASSWORD@HOST/DATABASE を設定してください
OWNER_URL_ALONE = SQLiteですが、database.owner_urlが設定されています。これ（TALLY_DATABASE_URL）にサービスがログインするURLを設定するか、database.owner_urlを外してください
MIGRATED = { $service }：{ $ran }
UP_TO_DATE = 最新です
AUDIT_VERIFIED = { $service }：ログ{ $entries }件、{ $rows }行、書き出し済みヘッド{ $heads }件：{ $verdict }
AUDIT_INTACT = 異常なし
AUDIT_ON_BEHALF = （{ $id }の代理）
AUDIT_FAULT = { $stream }の{ $table }：{ $place }{ $defect }
AUDIT_PLACE = ログ{ $at }
    .unnumbered = 番号のないログ
    .named = { $place }（{ $id }）
    .row = 行{ $row }
    .row-of = 行{ $row }（ログ{ $id }）
    .line = { $row }行目
AUDIT_DEFECT = は、サービスが書いた内容ではありません
    .chain = は、前のログとつながりません（挿入、置換、または移動）
    .missing = がありません
    .truncated = から署名済みヘッドまでのログがすべてありません
    .beyond = は、署名済みヘッドより後にあります
    .head = はヘッドですが、署名がないか、このサービスの署名ではありません
    .unnumbered = が、5秒を超えて番号を待っています。採番の処理は動作していますか？
    .forked = は、書き出されたヘッドのログではありません。それより前のログが置き換えられています
    .older = がありませんが、それより後のヘッドが書き出されています。古いログが戻されています
    .exported = は、このサービスのヘッドではないか、前の行より後戻りしています
    .unaccounted = に監査ログがありません。どの処理単位も書いていません
    .borrowed = または隣の行が監査ログを借用しています。そのログが書いた行は、参照している行より少なくなっています
AUDIT_FAULTS = 不備{ $count }件
AUDIT_FOUND = ログ{ $count }件
REVIEW_FOUND = { $permission }を持つ経路{ $count }件
INVITE_ONE_GROUP = 1つのグループしか持てないSQLiteファイルのため、招待できません。複数のグループにはPostgreSQLが必要です（TALLY_DATABASE_URL=postgres://...）
INVITED = グループ{ $tenant }が{ $days }日間参加できます。InitTenantか`tally init --invitation-file`に渡してください
KEYS_MADE = { $folder }にseal.keyとすべてのサービスの署名鍵があります。バックアップしてください
PASSPHRASE_TOO_SHORT = 新しいパスフレーズが短すぎます。{ $least }文字以上にしてください
KEYS_PROTECTED = { $file }は新しいパスフレーズで保護されました
KEYS_PROTECTED_NEXT = 次の手順：すべてのサービスにTALLY_KEYS_PASSPHRASEまたはTALLY_KEYS_PASSPHRASE_FILEを設定し、ファイルをバックアップしてください
KEYS_WRAPPED = { $service }：データ鍵{ $count }個を最新のマスター鍵で包みました
KEYS_STOPPED = 停止しました。失われた内容はありません。同じコマンドで続きから再開します
MASTER_KEY_ADDED = マスター鍵{ $id }を{ $file }に追加しました。ファイルをバックアップしてください
MASTER_KEY_KEPT = データ鍵{ $count }個が古いマスター鍵を使っています。これがなくなるまで、別のマスター鍵は追加しません
KEYS_STEP = { $service }：{ $table }.{ $column }、{ $rows }行
KEYS_REPLACED = { $service }：データ鍵{ $keys }個を交換し、{ $rows }行を封印し直しました（{ $speed }行/秒）
KEYS_REPLACED_RESUMED = { $service }：前回の実行のデータ鍵{ $keys }個を交換し、{ $rows }行を封印し直しました（{ $speed }行/秒）
NO_SUCH_SERVICE = サービス{ $service }はありません。{ $services }のいずれかを指定してください
SIGNING_KEY_ROTATED = { $service }：新しい鍵は{ $from }から署名に使われます。以前の鍵は、署名済みのものについて有効です
PERSON_EXPORTED = { $file }に書き出しました。閲覧権限のない{ $withheld }行は含まれていません
    .untold = { $file }に書き出しました。閲覧権限のない{ $withheld }行は含まれていません。{ $services }からの内容はありません。この人のデータがないか、権限の及ばない組織や日の行だけです。グループ全体の人を閲覧できる人であれば、すべて取得できます
PERSON_EXPORTED_BEYOND = { $services }に、権限の及ばない組織や日の、この人の行がほかにもあります。グループ全体の人を閲覧できる人であれば、すべて取得できます
GROUP_EXPORTED = { $rows }行を{ $folder }に書き出しました。閲覧権限のない{ $withheld }行は含まれていません
RETENTION_TAKEN = { $service }：{ $table }の{ $rows }行（{ $kind }）
RETENTION_DONE = { $rows }行を削除しました
INPUT_NOT_READ = 標準入力は読み取っていません。そこからトークンを取得するには --token-file - を指定します
USER_CREATED = { $login }はロール{ $role }でログインできます
USER_ROLE_UNKNOWN = グループ全体または組織に付与できるロール{ $role }はありません。ログインアカウントは作成していません。使えるロール：{ $roles }
    .grant = ロール{ $role }はありません。使えるロール：{ $roles }
USER_ROLE_WITHOUT_UNIT = ロール{ $role }は組織に対しては付与できません。--unitを外してください
USER_ROLE_OF_A_UNIT = ロール{ $role }は組織に対して付与します。--unitで組織を指定してください
USER_UNIT_UNKNOWN = 組織{ $unit }はありません{ $hint }
USER_GRANTED = { $login }にロール{ $role }を付与しました
    .already = { $login }はそこでロール{ $role }をすでに持っています。何も変更していません
USER_WITHOUT_ROLE = ログインアカウント{ $login }は作成しましたが、ロール{ $role }は付与していません。tally user grant { $login } { $role }{ $on } で付与してください
IMPORT_INTERRUPTED = 中断しました
IMPORT_CURRENCY = 金額の通貨は{ $said }ですが、グループの金額の通貨は{ $is }です
IMPORT_CURRENCY_CURE = 金額を{ $is }で指定し、currency: { $is } と書いてください
IMPORT_BRANCH_REGION = 支社{ $branch }をリージョン{ $said }に置いていますが、システムでは{ $is }にあります
IMPORT_BRANCH_REGION_CURE = branches:の{ $branch }に{ $is }と書くか、支社に別の名前を付けてください
IMPORT_NO_REGION = { $branches }のリージョンが書かれていないため、グループにないリージョン{ $default }に置かれることになります
IMPORT_NO_REGION_CURE = それぞれのリージョンを書いてください（グループにあるのは{ $known }）。例：branches: { "{" }"{ $branch }": { $region }{ "}" }
IMPORT_REGIONS = グループにないリージョンに支社を置いています：{ $unknown }
IMPORT_REGIONS_CURE = group.yamlのbranches:で、すべての支社に{ $known }のいずれかを指定するか、グループにリージョンを追加してください

## Console

UI_LANGUAGE_NAME = 日本語
UI_SKIP = 本文へ移動
UI_SCREENS = 画面
UI_WAY_HERE = 現在の位置
UI_HOME = ホーム
UI_GREETING = ようこそ、{ $name }さん
UI_LANGUAGE = 言語
UI_THEME = 配色
UI_THEME_AUTO = システムに合わせる
UI_THEME_LIGHT = ライト
UI_THEME_DARK = ダーク
UI_DENSITY = 行の間隔
UI_DENSITY_COMPACT = コンパクト
UI_DENSITY_TOUCH = タッチ向け
UI_ZONE = タイムゾーン（例：Asia/Shanghai）
UI_KEEP_CHOICES = 適用
UI_SIGN_IN = ログイン
UI_SIGN_OUT = ログアウト
UI_LOGIN = ログイン名
UI_PASSWORD = パスワード
UI_CODE = コード
UI_CODE_HINT = 認証アプリに表示された6桁の数字、または回復コードです。
UI_NEW_PASSWORD = 新しいパスワード
UI_NEW_PASSWORD_HINT = 現在のパスワードは1回のログイン専用です。12文字以上で、互いに関係のない4つの単語をお勧めします。
UI_SESSION_OVER = セッションが終了しました。続けるにはログインしてください。送信した内容は失われません。
UI_SIGNED_IN_AGAIN = もう一度ログインしました
UI_SEND_AGAIN_SAID = 先ほど送信した内容は残っていますが、まだ実行されていません。
UI_SEND_AGAIN = 今すぐ送信
UI_TO_HOME = ホームへ
UI_TRY_AGAIN = 再試行
UI_FOR_SUPPORT = サポート用：
UI_NOT_FOUND = ここには何もありません
UI_NOT_ALLOWED = 閲覧する権限がありません
UI_NOT_NOW = 現在は利用できません
UI_REFUSED = 操作できませんでした
UI_OPTIONAL = （任意）
UI_PUT_RIGHT = 次の項目を修正してください：
UI_SAVE = 保存
UI_CANCEL = キャンセル
UI_REMOVE = 削除
UI_YES = はい
UI_NO = いいえ
UI_SEARCH = 検索
UI_ALL = すべて
UI_GROUP_BY = グループ化
UI_NOT_GROUPED = グループ化なし
UI_GROUPED_BY = { $column }別
UI_COLUMNS = 列
UI_SHOW = 表示
UI_SHOW_ALL = すべて表示
UI_PAGES = ページ
UI_PREVIOUS = 前へ
UI_NEXT = 次へ
UI_PAGE_OF = { $page } / { $pages }ページ
UI_ROWS = { $count }行
UI_ROWS_OF = { $total }行中{ $count }行
UI_EXPORT = CSVをダウンロード
UI_NOTHING_FITS = 条件に合うものがありません。
UI_NOTHING_THERE = まだ何もありません。
UI_NOTHING_TO_DRAW = 描画するデータがありません。
UI_LOADING = 読み込み中…
UI_AS_OF = 基準日
UI_NAME = 氏名
UI_EMPLOYEE_NO = 従業員番号
UI_UNIT = 組織
UI_POSITION = 役職
UI_GRADE = 等級
UI_REGION = リージョン
UI_SINCE = 開始日
UI_STATE = 状態
UI_SHARE = 配分
UI_AMOUNT = 金額
UI_DAY = 日付
UI_REASON = 理由
UI_REASON_HINT = 後から確認する人が読みます。
UI_SURE = はい、確認しました
UI_NO_PEOPLE = 閲覧できる範囲に、この日に在籍している人はいません。
UI_GALLERY = コンポーネント
NAV_MINE = 自分
NAV_TEAM = チーム
NAV_BRANCH = 支社とグループ
NAV_PAY = 報酬
NAV_AUDIT = 監査
NAV_PLATFORM = プラットフォーム
NAV_PEOPLE = 人
FORM_OF_ANOTHER_SITE = ほかのサイトから送信されました。ここでページを開いて送信してください
FORM_OUTDATED = このページは以前のセッションのものです。もう一度読み込んで送信し直してください

## Console: access

NAV_WHY = 権限の根拠
NAV_REVIEW = 権限の棚卸し
NAV_GRANTS = 権限付与
NAV_LOGINS = ログインアカウント
NAV_ROLES = ロール
NAV_DELEGATIONS = 委任
NAV_EMERGENCIES = 緊急アクセス
NAV_KEYS = APIキー
NAV_PROVIDERS = IDプロバイダー
NAV_ACCOUNT = マイアカウント
UI_KIND = 種類
UI_PERSON = 人
UI_WHO = 対象者
UI_ROLE = ロール
UI_ROLES = ロール
UI_REACH = 適用範囲
UI_DAYS = 有効期間
UI_CONDITION = 条件
UI_GIVEN_BY = 付与者
UI_GIVEN_AT = 付与日時
UI_HOLDS_TODAY = 本日有効
UI_HOLDS = 有効
UI_OVER = 終了
UI_FIRST_DAY = 初日
UI_LAST_DAY = 最終日
UI_UNTIL_WHEN = 終了日時
UI_PERMISSION = 権限
UI_PERMISSIONS = 権限
UI_PERMISSIONS_HINT = attendance.roster.writeのような名前をコンマで区切ります。名前は各ロールのページにあります。
UI_WHAT_FOR = 目的
UI_NEW_LOGIN = ログインアカウントを作成
UI_LOGIN_HINT = ログイン時に入力する名前です。この環境のほかの人とは重複できません。
UI_PASSWORD_HINT = 12文字以上。互いに関係のない4つの単語をお勧めします。
UI_LOGIN_OF = 特定の人のものでない場合は空欄にします。
UI_RESET_PASSWORD = { $name }の新しいパスワード
UI_RESET_NOW = 一時パスワードを発行
UI_RESET_SAID = このログインアカウントのすべてのセッションが終了します。パスワードは1回だけ表示され、1回のログインにのみ有効で、その際に変更が必要です。
UI_FACTOR_LOST = 二要素認証の端末を紛失：あわせて解除する
UI_ONE_TIME_PASSWORD = 一時パスワード
UI_ONE_TIME_SAID = 本人に直接渡してください。{ $until }まで1回のログインに有効で、再び表示されることはありません。
UI_ONCE_SAID = 表示されるのは1回だけです。そのプログラムだけが読み取れる場所に保管してください。
UI_WRITTEN_DOWN = 控えました
UI_NEW_GRANT = ロールを付与
UI_GRANT_SAID = 付与する人は、その範囲でロールのすべての権限を持っている必要があります。1秒以内に有効になります。
UI_UNIT_OF_REACH = 組織を指定する範囲の場合。
UI_REGION_OF_REACH = リージョンを指定する範囲の場合（例：cn-north）。
UI_WITH_FACTOR = 二要素認証
UI_ONLY_WITH_FACTOR = 二要素認証を使ったセッションのみ
UI_ONLY_AT_HOURS = 次の時間帯のみ
UI_HOURS_HINT = 例：08:00-20:00。常に有効な場合は空欄にします。
UI_REVOKE_GRANT = 権限付与を取り消す
UI_REVOKE_SAID = { $name }は1秒以内にロール「{ $role }」（{ $reach }）を失います。
UI_NEW_ROLE = ロールを作成
UI_ROLE_READY = 標準
UI_ROLE_OWN = グループ独自
UI_ROLE_READY_SAID = これは標準のロールで、変更できません。合わない場合は独自のロールを定義してください。
UI_ROLE_NAME_HINT = 英小文字、数字、_ を使って2～64文字。
UI_NOBODY_HOLDS = この権限を持つ人はいません。
UI_MYSELF = 自分
UI_WHOLE_GROUP = グループ全体
UI_ASK = 照会
UI_ALLOWED = 許可
UI_NOT_ALLOWED_NOW = 不許可
UI_ROLES_THAT_GIVE = この権限を含むロール：
UI_WHO_COULD_GIVE = 付与できる人：
UI_DELEGATOR = 委任元
UI_DELEGATE = 委任先
UI_DELEGATE_NOW = 委任する
UI_DELEGATIONS_SAID = 委任すると、自分の権限の一部を指定した日時まで貸すことができます。範囲は自分の範囲を超えません。
UI_TYPED_AT = { $zone }の時刻です。
UI_TO_REVIEW = 確認待ち
UI_REVIEWED = 確認済み
UI_NO_EMERGENCIES = 緊急アクセスを申告した人はいません。
UI_OPEN_EMERGENCY = 緊急アクセスを申告
UI_EMERGENCIES_SAID = 緊急アクセスは、最長1時間、権限を開放します。通知され、ほかの人が確認します。
UI_EMERGENCY_OF = { $name }の緊急アクセス
UI_END_EMERGENCY = 今すぐ終了
UI_REVIEW_NOW = 確認する
UI_WHAT_WAS_FOUND = 確認結果
UI_TICKET = チケット
UI_REASON_TWENTY = 20文字以上。確認する人が読みます。
UI_FOR_HOW_LONG = 期間
UI_MINUTES = { $count }分
UI_SERVICE_ACCOUNT = アカウント
UI_NEW_SERVICE_ACCOUNT = サービスアカウントを作成
UI_SERVICE_ACCOUNT_SAID = プログラムには専用のアカウントがあります。人と同じようにロールを持ち、パスワードの代わりにキーを使います。
UI_NEW_KEY = キーを作成
UI_API_KEY = APIキー
UI_KEYS_SAID = プログラムはキーを10分間有効なトークンと交換します。キーはアカウントの権限の一部に限定できます。
UI_KEY_PERMISSIONS_HINT = 名前をコンマで区切ります。アカウントのすべての権限の場合は空欄にします。
UI_KEY_YEAR = 最長366日です。
UI_NO_KEY = キーはまだありません
UI_ALL_OF_ACCOUNT = アカウントのすべて
UI_LAST_USED = 最終使用
UI_REVOKE_KEY = キーを失効
UI_REVOKE_KEY_SAID = このキーを使うプログラムはログインできなくなります。この操作は元に戻せません。
UI_NO_PROVIDERS = ほかのログイン方法はありません。
UI_NEW_PROVIDER = IDプロバイダーを追加または変更
UI_PROVIDERS_SAID = このコンソールのアドレスに{ $path }を続けたものを、戻り先としてIDプロバイダーに登録してください。
UI_ISSUER = 発行者
UI_CLIENT_ID = クライアントID
UI_CLIENT_SECRET = クライアントシークレット
UI_CLIENT_SECRET_HINT = シークレットのないクライアントでは空欄にします。再び表示されることはありません。
UI_CLAIM = ログイン名のクレーム
UI_CLAIM_HINT = 例：email（確認済みの場合のみ使用）。
UI_REDIRECT = 戻り先アドレス
UI_PROVIDER_NAME_HINT = 選択時に使う名前：英小文字、数字、- を使って2～50文字。
UI_PROVIDER_REGION_HINT = 利用できる人のリージョン。全員の場合は *。
UI_SSO = 組織のアカウントでログイン
UI_SSO_PROVIDER = IDプロバイダーの名前
UI_SSO_SAID = 所属先のIDプロバイダーに移動します。そこでログインしてください。
UI_GO_ON = 続ける
UI_SESSIONS = セッション
UI_THIS_ONE = 現在のセッション
UI_END_SESSION = 終了
UI_END_ALL_SESSIONS = すべての端末でログアウト
UI_CHANGE_PASSWORD = パスワードを変更
UI_CHANGE_PASSWORD_SAID = ほかのセッションは終了します。
UI_ADD_FACTOR = 二要素認証を設定
UI_REMOVE_FACTOR = 二要素認証を解除
UI_FACTOR_SAID = 認証アプリを開いてこのキーを追加し、表示された6桁の数字を入力してください。
UI_FACTOR_SECRET = キー
UI_FACTOR_OPEN = この端末の認証アプリで開く
UI_CODE_OF_NEW = 認証アプリに現在表示されている6桁の数字です。
UI_CONFIRM = 確認
UI_RECOVERY_CODE = 回復コード
UI_RECOVERY_SAID = 認証アプリを紛失したとき、それぞれコードの代わりに1回使えます。再び表示されることはありません。
WORD_SCOPE_KIND_SELF = 本人
WORD_SCOPE_KIND_REPORTS = 部下
WORD_SCOPE_KIND_UNIT = 1つの組織
WORD_SCOPE_KIND_SUBTREE = 組織とその配下
WORD_SCOPE_KIND_LEGAL_ENTITY = 法人
WORD_SCOPE_KIND_REGION = リージョン
WORD_SCOPE_KIND_TENANT = グループ全体
WORD_ROLE_AGENT = 担当者
WORD_ROLE_SUPERVISOR = スーパーバイザー
WORD_ROLE_BRANCH_HR = 支社人事
WORD_ROLE_GROUP_HR = グループ人事
WORD_ROLE_COMPENSATION_SPECIALIST = 報酬担当
WORD_ROLE_APPROVER = 承認者
WORD_ROLE_INTEGRATOR = 連携担当
WORD_ROLE_AUDITOR = 監査担当
WORD_ROLE_PLATFORM_OPERATOR = プラットフォーム運用担当
WORD_ROLE_GROUP_ADMIN = グループ管理者
WORD_LOGIN_KIND_PERSON = 人
WORD_LOGIN_KIND_USER = 特定の人なし
WORD_LOGIN_KIND_SERVICE_ACCOUNT = プログラム
WORD_GRANT_VERDICT_ALLOWS = 許可
WORD_GRANT_VERDICT_OUT_OF_REACH = ロールに権限はありますが、ここは対象外です
WORD_GRANT_VERDICT_CONDITION_UNMET = 二要素認証を使った場合か、別の時間帯なら許可されます
WORD_GRANT_VERDICT_NOT_NOW = 別の日なら許可されます
WORD_GRANT_VERDICT_NOT_ENTITLED = グループはこのモジュールを利用していません
WORD_GRANT_VERDICT_ROLE_LACKS = ロールにこの権限がありません
WORD_MODULE_IDENTITY = ID管理
WORD_MODULE_ATTENDANCE = 勤怠
WORD_MODULE_PERFORMANCE = 評価
WORD_MODULE_COMPENSATION = 報酬
WORD_MODULE_TALENT = タレント
WORD_MODULE_SUITE = すべて
DONE_GRANT_GIVEN = ロールを付与しました。
DONE_GRANT_TAKEN = 権限付与を取り消しました。
DONE_ROLE_DEFINED = ロールを保存しました。
DONE_DELEGATED = 委任しました。
DONE_DELEGATION_ENDED = 委任を終了しました。
DONE_EMERGENCY_OPENED = 緊急アクセスを申告しました。通知されます。
DONE_EMERGENCY_ENDED = 緊急アクセスを終了しました。
DONE_EMERGENCY_REVIEWED = 確認を保存しました。
DONE_ACCOUNT_MADE = アカウントを作成しました。
DONE_KEY_REVOKED = キーを失効させました。
DONE_PROVIDER_KEPT = IDプロバイダーを保存しました。
DONE_PROVIDER_REMOVED = IDプロバイダーを削除しました。
DONE_PASSWORD_CHANGED = パスワードを変更しました。ほかのセッションは終了しました。
DONE_FACTOR_REMOVED = 二要素認証を解除しました。
DONE_SESSION_ENDED = セッションを終了しました。
DONE_SESSIONS_ENDED = すべての端末でログアウトしました。
SSO_OF_ANOTHER_BROWSER = このログインは別のブラウザーで開始されたか、時間が経ちすぎています。ここで最初からやり直してください

## Console: people and structure

NAV_ORG = 組織図
NAV_CORRECTIONS = 訂正
NAV_ACCOUNTS = アカウント
NAV_ALIASES = 別名
NAV_DEVICES = 端末
NAV_SITES = 拠点
NAV_CATALOGUE = 役職と等級
UI_ABOUT = 対象
UI_ACCOUNT = アカウント
UI_ACCOUNT_HINT = プラットフォームでのログインに使う名前。
UI_ACTIONS = 変更
UI_ADD_ACCOUNT = アカウントを追加
UI_ADD_ALIAS = 別名を追加
UI_ADD_DEVICE = 端末を追加
UI_ADD_ENTRY = 役職・等級を追加
UI_ADD_PERSON = 人を追加
UI_ADD_PHASE = 使い方を変更
UI_ADD_PHASE_SAID = それまでの日は変わりません。追加できるのは後の日付のフェーズだけで、過去の内容はそのまま残ります。
UI_ADD_SITE = 拠点を追加
UI_ADD_UNIT = 組織を追加
UI_ADD_UNIT_BELOW = 配下に組織を追加
UI_AFTER = 変更後
UI_ALIAS = 別名
UI_ALIAS_END = 別名を終了
UI_ALIAS_MOVE = ほかの人に割り当てる
UI_ALL_STATES = すべて
UI_ALWAYS = 常時
UI_APPROVE = 承認
UI_APPROVED = 承認済み
UI_ASKED = 申請内容
UI_ASKED_AT = 申請日時
UI_ASKED_BY = 申請者
UI_AS_HOME = 空欄：本務の在籍と同じ。
UI_AT_ONCE = 同時対応数
UI_AT_ONCE_HINT = 1人が同時に対応できる会話の数。音声は1です。
UI_BACKDATED = 今月より前から始める：締めた月も現在の内容で読まれます
UI_BEFORE = 変更前
UI_CATALOGUE_SAID = 同じコードを後の初日で登録すると、その日からの内容になります。登録がなければ、どの役職・等級も入力できます。
UI_CODE_NAME = コード
UI_CODE_NAME_HINT = 在籍で使うコード（例：agent、P3）。
UI_CORRECTION_ABOUT_YOU = あなた自身に関するものです。ほかの人が決定します。
UI_CORRECTION_DECIDE = ほかの人の申請です。承認した時点から有効になります。
UI_CORRECTION_LOOK = 訂正を承認できる人の決定を待っています。
UI_CORRECTION_OVER = 決定することはもうありません。
UI_CORRECTION_OWN = あなたの申請です。ほかの人が決定します。決定前なら取り下げられます。
UI_COUNTS_NO_MORE = 現在は無効ですが、記録は取り除かれないため一覧に残ります。
UI_CUT_OVER = 勤務日の区切り
UI_CUT_OVER_HINT = 夜のこの時刻に、勤務日が次の日に切り替わります。
UI_DEED_CANCEL = 予定を取り消す
UI_DEED_CANCEL_SAID = この日からの予定は行われず、現在の内容が続きます。
UI_DEED_CORRECT_START = 初日を訂正
UI_DEED_CORRECT_START_SAID = 初日の登録が誤っていた場合に使います。以前の内容も記録に残ります。
UI_DEED_END = 在籍を終了
UI_DEED_END_SAID = 兼務・出向と休暇もすべてこの日で終了します。
UI_DEED_END_LEAVE = 休暇を終了
UI_DEED_END_LINE = レポートラインを終了
UI_DEED_END_POST = 兼務・出向を終了
UI_DEED_LEAVE = 休暇
UI_DEED_LINE = 上長を設定
UI_DEED_LINE_SAID = 実線は、その期間、現在の実線に置き換わります。
UI_DEED_POST = 出向または兼務
UI_DEED_RECTIFY = 氏名・番号を修正
UI_DEED_RECTIFY_SAID = 登録が誤っていた場合に限ります。誤った内容は消え、変更したことは監査ログに残ります。
UI_DEED_REHIRE = 再入社
UI_DEED_TRANSFER = 異動または昇格
UI_DEED_TRANSFER_SAID = この日から有効で、それ以前は変わりません。等級が変わると昇格になります。
UI_DEVICE = 端末
UI_DEVICES_ALIASES = 別名と端末
UI_DEVICE_END = 端末を終了
UI_DEVICE_HINT = デスクまたはプラットフォームでの名前（大文字・小文字もそのまま）。
UI_DEVICE_MOVE = ほかの人に割り当てる
UI_EMPLOYED_AS = 雇用形態
UI_EMPLOYEE_NO_HINT = グループ内でこの人だけの番号。
UI_EMPLOYMENTS = 在籍
UI_EMPTY_STAYS = 空欄：変更なし。
UI_EVIDENCE = 根拠
UI_EXCLUSIVE = 同時に1人
UI_EXCLUSIVE_FIELD = 同時に使えるのは1人だけ
UI_FACT = 事実
UI_FACTS = 事実
UI_FROM_BEGINNING_HINT = 空欄：最初から。
UI_FROM_ON = { $from }から
UI_FROM_TIME = 開始時刻
UI_FROM_TO = { $from }～{ $to }
UI_FROM_WHEN = 適用開始
UI_GONE_UNITS = 廃止された組織
UI_HANDOVER = 引き継ぎ
UI_HIDDEN = 非表示
UI_HISTORY = 履歴
UI_ID_NUMBER = 本人確認番号
UI_ITS_ZONE = タイムゾーン
UI_KNOWN_ON = 登録時点
UI_LADDER = 順位
UI_LADDER_HINT = 等級のみ。1から始まり、大きいほど上位です。
UI_LEAVES = 休暇
UI_LEAVE_KIND = 種類
UI_LEAVE_REASON = 理由（文章）
UI_LEAVE_REASON_HINT = 休暇の理由を閲覧できる人だけが読めます。
UI_LINE_KIND = レポートラインの種類
UI_LOOK = 影響を確認
UI_MANAGER = 上長
UI_MERGE_ALSO = あわせて統合する組織
UI_MERGE_INTO = 統合先の組織
UI_MOVE_PEOPLE_HINT = 在籍者がいる場合は必須です。
UI_MOVE_PEOPLE_TO = 人とアカウントの移動先
UI_NAME_HIDDEN = 氏名は非表示
UI_NEW_PARENT = 新しい上位組織
UI_NEW_PERSON = 新しい対象者
UI_NOBODY = なし
UI_NOBODY_CALLED = 一覧に「{ $text }」はありません。一覧から選んでください
UI_NONE_KNOWN = 登録なし
UI_NOTHING_AFTER = なかったものとされるか、無効になります。
UI_NOTHING_BEFORE = 記録がありませんでした。
UI_NOT_EMPLOYED = この日は在籍していません
UI_NOT_SAID = 指定なし
UI_NO_ACCOUNTS = 閲覧できる範囲にアカウントがありません。最初のアカウントを追加するか、ファイルで取り込んでください。
UI_NO_ALIASES = 閲覧できる範囲に別名がありません。
UI_NO_CATALOGUE = この日のカタログはありません。どの役職・等級も入力できます。
UI_NO_CORRECTIONS = この状態の訂正はありません。
UI_NO_CORRECTIONS_WAITING = 決定待ちのものはありません。
UI_NO_DEVICES = 閲覧できる範囲に端末がありません。
UI_NO_DEVICES_ALIASES = この人のものは登録されていません。
UI_NO_EMPLOYMENTS = 閲覧できる範囲に在籍がありません。
UI_NO_LEAVES = 休暇の登録はありません。
UI_NO_MANAGER = この日に上長はいません。
UI_NO_REASON = 理由の記載がありません。
UI_NO_SITES = 拠点がまだありません。最初の拠点を追加してください。
UI_NO_SLASH = 「/」を含まない1つの名前にしてください。上位組織は別に選びます
UI_NO_UNITS = 閲覧できる範囲に、この日の組織がありません。
UI_NO_USES = この期間に端末を使った人の登録はありません。
UI_OF_PERSON = 人
UI_OF_SEAT = 座席
UI_ONE_OF_BOTH = 人か座席のどちらか一方を指定してください
UI_ONLY_NEWEST = 最新の{ $count }件だけを表示しています。状態を選ぶと絞り込めます。
UI_ON_DAY = { $day }時点
UI_OPEN_END_HINT = 空欄：終了日なし。
UI_ORG_COUNTED = { $units }組織、{ $count }人
UI_OWN_ZONE = タイムゾーン
UI_PARENT_NOT_THERE = この日にその組織はありません
UI_PATH = パス
UI_PATHS = 組織
UI_PEOPLE_BELOW = 配下を含む人数

## Console: cycles

UI_SEVERAL_CALLED = 「{ $text }」に該当するものが複数あります：{ $names }
NAV_CYCLES = 評価サイクル
NAV_SCHEMES = 評価制度
NAV_MEASURES = 測定値
NAV_RUNS = 帰属計算
NAV_OBSERVATIONS = 観測値
PAGE_OUTDATED = このページを開いた後に結果が再計算されました。現在の結果を確認して、もう一度送信してください
UI_SAY_SURE = 続けるにはチェックを入れてください
UI_VERSION = バージョン
UI_INDICATORS = 指標
UI_NO_SCHEMES = 評価制度がまだありません。下のテンプレートから始めるか、新規に作成してください。
UI_REFINEMENT = 標準の詳細化
UI_STANDARD = 標準
UI_STANDARD_BINDING = 標準（必須）
UI_OWN_SCHEME = 独立
UI_WITHDRAWN_FROM = { $day }から使用停止
UI_IN_USE = 使用中
UI_WITHDRAWN_BECAUSE = { $day }から使用停止：{ $reason }
UI_SUPERSEDED_BY = 代わりにバージョン{ $version }を使ってください。
UI_NEW_SCHEME = 評価制度を作成
UI_SCHEME_TEMPLATES = テンプレート
UI_BEGIN_WITH_IT = これを使って作成
UI_NEW_VERSION = 新しいバージョン
UI_REFINE_IT = 詳細化する
UI_WHAT_IT_IS = 概要
UI_SIDE_BY_SIDE = バージョンの比較
UI_BESIDE = 比較するバージョン
UI_DIFFERING =
    { $count ->
        [0] すべて同じです。
       *[other] { $count }行が異なります（印付き）。
    }
UI_DIFFERS = （相違）
UI_REFINEMENTS = 詳細化した評価制度
UI_SCORED_BY_IT = 使用している評価サイクル
UI_WITHDRAW_SCHEME = 使用を停止
UI_WITHDRAW_VERSION_HINT = 空欄：評価制度全体。
UI_WITHDRAW_FROM = 停止日
UI_SUPERSEDED = 代わりに使うバージョン
UI_SUPERSEDED_HINT = 空欄：なし。
UI_VERSION_N = バージョン{ $version }
UI_NAME_VERSION = { $name }、バージョン{ $version }
UI_REFINES = 詳細化の元
UI_COLLABORATION = 協力点を加算
UI_COLLABORATION_POINTS = 協力点
UI_CURRENCY = 通貨
UI_CURRENCY_HINT = CNYなどの英字3文字。空欄：グループの通貨。
UI_WRITTEN_IN = 作成リージョン
UI_INDICATOR_OF_TARGET = 100点中{ $weight }点。目標：{ $target }（{ $direction }）。達成割合に応じた点数で、最低{ $floor }点、最高{ $cap }点。
UI_INDICATOR_OF_GROUP = 100点中{ $weight }点（{ $direction }）。点数：{ $how }、最低{ $floor }点、最高{ $cap }点。
UI_INDICATOR_SMALL = 測定した記録が{ $small }件未満の場合は、集団の値に近づけます。
UI_TEAM_MEDIAN = チームの中央値
UI_WEIGHT_BETWEEN = 詳細化ではウェイトを{ $least }～{ $most }にできます。
UI_WEIGHT_FIXED = 詳細化では変更できません。
UI_MAY_BE_LEFT_OUT = 外すことができます。
UI_WEIGHT = ウェイト
UI_TARGET = 目標
UI_TARGET_HINT = 空欄：チームの中央値。
UI_DIRECTION = 良い方向
UI_HOW_POINTS = 点数の計算方法
UI_FLOOR_CAP = 最低点と最高点
UI_FLOOR = 最低点
UI_CAP = 最高点
UI_SMALL_SAMPLE = 少数データの基準
UI_SMALL_SAMPLE_HINT = 記録がこの件数未満の場合、値を集団の値に近づけます。空欄：適用しない。
UI_UNIT_OF_MEASURE = 単位
UI_KEY = 短い名前
UI_KEY_HINT = 空欄：測定値から作成。
UI_MAY_BE_REFINED = 配下の組織が詳細化できる
UI_MUST_BE_REFINED = 配下の組織の評価制度は、必ずこれを詳細化したものにする
UI_WITHIN = ウェイトの変更幅
UI_WITHIN_HINT = 詳細化で上下できる点数。空欄：変更不可。
UI_MEASURE = 測定値
UI_INDICATOR_N = 指標{ $number }
UI_FROM_VERSION = バージョン{ $version }を元にしています。以前のバージョンは変わりません。
UI_FROM_STANDARD = { $name }のバージョン{ $version }の詳細化です。認められた部分を変更してください。
UI_FROM_TEMPLATE = テンプレートを元にしています。自分たちの目標を入力してください。
UI_FROM_NOTHING = 評価する内容とそのウェイトを入力してください。ウェイトの合計はちょうど100にします。
UI_NEW_VERSION_OF = { $name }の新しいバージョン
UI_SUM_WHOLE = ウェイトの合計は{ $said }です。保存できます。
UI_SUM_SHORT = ウェイトの合計は100のうち{ $said }です。{ $rest }不足しています。
UI_SUM_OVER = ウェイトの合計は{ $said }で、100を{ $rest }超えています。
UI_CHECK = チェック
UI_ADD_INDICATOR = 指標を追加
UI_UNIT_OR_GROUP_HINT = 空欄：グループ全体。
UI_NEW_MEASURE = 測定値を作成
UI_NO_MEASURES = 測定値がまだありません。
UI_NO_MEASURE = その測定値は存在しないか、閲覧できません
UI_MEASURES_WHAT = 測定内容
UI_SUPPLIED = 標準
UI_RETIRED = 廃止
UI_RETIRED_BECAUSE = { $at }：{ $reason }
UI_REVISION = 改訂
UI_RETIRE = 廃止する
UI_RETIRE_SAID = 以後、評価制度の新しいバージョンでは使えません。既存のバージョンは写しを保持します。
UI_CHANGE_IT = 変更する
UI_MEASURE_OTHER_KIND = この測定値の構成はAPIで変更します。名前、単位、方向はここで変更できます。
UI_TITLE_EN = 英語の名前
UI_TITLE_ZH = 中国語の名前
UI_MEASURE_KEY_HINT = 評価制度で使う名前（例：quality_check）。後から変更できません。
UI_MIN_COUNT = 最少件数
UI_MIN_COUNT_HINT = これ未満の場合は測定なしとします。空欄：制限なし。
UI_OF_RECORDS = 記録から
UI_OF_OBSERVATIONS = 観測値から
UI_OF_RATIO = 2つの測定値の比
UI_OBSERVED_OF = 観測の対象
UI_AGGREGATION = 集計方法
UI_RECORD_VALUE = 記録の値
UI_RECORD_VALUE_HINT = first_reply_seconds、duration_seconds、resolved、rating、amount、または独自の列。件数を数える場合は空欄。
UI_TEST = 該当とする条件
UI_TEST_VALUE = 比較する値
UI_RECORD_KINDS = 記録の種類
UI_LIST_HINT = 複数の場合はコンマで区切ります。空欄：すべて。
UI_RATIO_OF = 分子
UI_RATIO_PER = 分母
UI_IN_PERCENT = パーセントで表示
UI_NEW_CYCLE = 評価サイクルを作成
UI_NO_CYCLES = 閲覧できる範囲に評価サイクルがまだありません。月ごとに作成し、記録がそろったら締めてください。
UI_PERIOD = 期間
UI_SCHEME = 評価制度
UI_PEOPLE_IN = スコアカードのある人数
UI_PUBLISHED_AT = 公開日時
UI_CORRECTION_OF = { $name }の訂正
UI_MAKE_CYCLE = 評価サイクルを作成
UI_POPULATION = 対象者
UI_POPULATION_SAID = 空欄：組織とその配下の全員。
UI_POSITIONS = 役職
UI_GRADES = 等級
UI_INCLUDE = 追加する人
UI_EXCLUDE = 除外する人
UI_PEOPLE_HINT = 従業員番号をコンマで区切るか、1行に1つ入力します。
UI_AS_OF_DAY = 在籍の基準日
UI_AS_OF_DAY_HINT = 空欄：期間の最終日。
UI_PREVIEW_POPULATION = 対象者をプレビュー
UI_IS_IN = 対象
UI_IS_OUT = 対象外
UI_WHY = 理由
UI_EVERYBODY_OF_UNIT = 組織とその配下の全員
UI_RUN = 帰属計算
UI_OPEN_RUN = 帰属計算を開く
UI_CORRECTS = 訂正の対象
UI_OPEN_CORRECTED = 公開済みの結果を開く
UI_RESULT_VERSION = 結果のバージョン
UI_STEP_MADE = 作成済み
UI_STEP_TO_CLOSE = 記録がそろったら締める
UI_STEP_CLOSING = 締め処理中：記録の帰属とスコアを計算しています
UI_STEP_FAILED = 締められませんでした
UI_STEP_CLOSED = 締め済み：すべてのスコアカードを計算しました
UI_STEP_REVIEW = 確認して公開する
UI_STEP_PUBLISHED = 公開済み：全員が結果を確認できます
UI_PROGRESS = 進捗
UI_LOOK_AGAIN = 更新
UI_DONE_OF = { $done } / { $total }
UI_WAITS_FOR_WORKER = 順番待ち
UI_CLOSE_CYCLE = 評価サイクルを締める
UI_CLOSE_AGAIN = もう一度締める
UI_CANCEL_CLOSING = 締め処理を中止
UI_CANCEL_CORRECTION = 訂正を破棄
UI_CANCEL_SAID = 計算した内容は破棄されます。ほかには影響しません。
UI_CORRECT_CYCLE = 結果を訂正
UI_CORRECT_SAID = 現在の事実に基づいて、公開済みの結果とは別に再計算します。公開するまで誰にも知らされません。
UI_CORRECT_REASON_HINT = スコアカードのある全員が読みます。
UI_SCHEME_VERSION = 評価制度のバージョン
UI_SCHEME_VERSION_HINT = 空欄：前回使ったもの。
UI_PUBLISH_RESULT = 結果を公開
UI_PUBLISH_SURE = はい、全員に公開します
UI_PUBLISH_SAID = スコアカードのある全員が確認でき、報酬の計算に使われます。公開した結果は変更できず、訂正は新しいバージョンで行います。
UI_PUBLISH_NOT_YOURS = ここで公開する権限がありません。
UI_PUBLISHED_ALREADY = この結果はすでに公開されています。重ねて行われた操作はありません。
UI_PUBLISH_NOTHING_YET = 公開できる結果がまだありません。先に評価サイクルを締めてください。
UI_BACK_TO_CYCLE = 評価サイクルに戻る
UI_REVIEW = 結果
UI_RECORDS = 記録
UI_CREDITED = 帰属済み
UI_UNATTRIBUTED = 帰属先なし
UI_CREDITED_WITHIN = 対象者への帰属
UI_CREDITED_OUTSIDE = ほかの{ $people }人に{ $records }
UI_CORRECTED_PEOPLE = スコアカードが変わる人
UI_HOW_CREDITED = 帰属の根拠
UI_DISTRIBUTION = スコアの分布
UI_SCORE_BETWEEN = { $from }以上{ $to }未満
UI_PEOPLE_COUNT = { $count }人
UI_PEOPLE_HERE = この組織に直接所属する人
UI_PEOPLE_OF = { $count }人（直接所属{ $own }人）
UI_PERSON_OR_SEAT = 人または座席
UI_PERSON_OR_SEAT_HINT = 人か座席のどちらかを入力します。
UI_PHASE = 使い方
UI_PHASES = 使い方（期間別）
UI_PHASE_HINT = 共有：複数の人が1つの名前を使う。記名：すべての記録に担当者名がある。移行中：共有から記名への途中。
UI_PLATFORM = プラットフォーム
UI_POST = 種類
UI_PUNCH = 打刻
UI_REJECT = 却下
UI_REJECTED = 却下済み
UI_REPORTS = 部下
UI_REPORTS_TO = 上長
UI_RESULTS = 結果
UI_SEAT = 座席
UI_SEAT_HINT = シフト表での名前。その座席のシフトに入った人がこの端末を使います。
UI_SEAT_UNIT = 座席のある組織
UI_SHIFT = シフト
UI_SOME_HIDDEN = 一部は表示されていません。閲覧する権限付与がありません。
UI_STORE = 店舗
UI_TEAM = チーム
UI_TEAM_HINT = 対応するチーム。空欄：グループ全体。
UI_TICK_SURE = 先にチェックを入れてください
UI_TITLE = 表示名
UI_TODAY = 今日
UI_TOUCHES = 影響
UI_TOUCHES_SAID = まだ何も書き込まれていません。これはプレビューです。
UI_TO_TIME = 終了時刻
UI_UNITS_BELOW = 配下の組織
UI_UNIT_CLOSE = 組織を廃止
UI_UNIT_CLOSE_SAID = その時点で配下の組織があってはなりません。人とアカウントは指定した組織に移り、過去は変わりません。
UI_UNIT_KIND_HINT = 空欄：最上位の直下は支社、それ以外はチーム。
UI_UNIT_MERGE = ほかの組織に統合
UI_UNIT_MERGE_SAID = 配下の組織、人、アカウントは統合先の組織に移り、この組織は廃止されます。
UI_UNIT_MOVE = ほかの組織の配下に移動
UI_UNIT_MOVE_SAID = この日から、配下のすべての組織とともに移動します。過去は元の場所のままです。同じリージョン内に限ります。
UI_UNIT_NOT_ON_DAY = この組織はこの日に存在しません。最後の、または始まりの時点の内容を表示しています。
UI_UNIT_REGION_HINT = 最上位の直下の支社の場合。配下の組織は支社のリージョンになります。
UI_UNIT_RENAME = 組織の名称を変更
UI_UNIT_RENAME_SAID = この日から有効です。過去は以前の名称のままです。
UI_UNTIL = { $to }まで
UI_WENT_INTO = { $unit }に統合
UI_WHAT = 内容
UI_WHOLE_NUMBER = 整数を入力してください
UI_WHOSE = 対象者
UI_WHO_USED_WHAT = 端末の使用者
UI_WHY_HIDDEN = 理由は非表示
UI_WHY_NOT_SAID = 理由の記載なし
UI_WITHDRAW = 取り下げ
UI_WITHDRAWN = 取り下げ済み
UI_YOU = あなた
UI_ZONE_HINT = 空欄：グループのタイムゾーン。
DONE_PERSON_ADDED = 人を追加しました
DONE_PERSON_CHANGED = 変更を保存しました
DONE_ORG_CHANGED = 組織図を変更しました
DONE_ACCOUNT_ADDED = アカウントを追加しました
DONE_PHASE_ADDED = 変更を保存しました
DONE_ALIAS_CHANGED = 別名を保存しました
DONE_DEVICE_CHANGED = 端末を保存しました
DONE_SITE_ADDED = 拠点を追加しました
DONE_ENTRY_ADDED = カタログに登録しました
DONE_CORRECTION_APPROVED = 承認しました。これから有効になります
DONE_CORRECTION_REJECTED = 却下しました
DONE_CORRECTION_WITHDRAWN = 取り下げました
WORD_POST_HOME = 本務
WORD_POST_CONCURRENT = 兼務
WORD_POST_SECONDMENT = 出向
WORD_EMPLOYMENT_REASON_HIRE = 入社
WORD_EMPLOYMENT_REASON_REHIRE = 再入社
WORD_EMPLOYMENT_REASON_TRANSFER = 異動
WORD_EMPLOYMENT_REASON_PROMOTION = 昇格
WORD_EMPLOYMENT_REASON_SECONDMENT = 出向
WORD_EMPLOYMENT_REASON_CONCURRENT_POST = 兼務
WORD_EMPLOYMENT_REASON_REORGANISATION = 組織再編
WORD_LEAVE_KIND_SICK = 病気休暇
WORD_LEAVE_KIND_WORK_INJURY = 労災休業
WORD_LEAVE_KIND_MATERNITY = 出産休暇
WORD_LEAVE_KIND_PARENTAL = 育児休業
WORD_LEAVE_KIND_CARE = 介護・看護休暇
WORD_LEAVE_KIND_UNPAID = 無給休暇（本人の希望）
WORD_LEAVE_KIND_OTHER = その他
UI_MOVERS = 変動の大きい人
UI_AGAINST = { $name }との比較
UI_NOBODY_MOVED = スコアが変わった人はいません。
UI_SCORE_RANK = { $score }、{ $rank }位
UI_NOW = 現在
UI_DROPPED = 対象外となった指標
UI_FINDINGS = 確認が必要な検出事項
UI_FINDINGS_ALL =
    { $count ->
        [0] 検出事項はありません。
       *[other] 検出事項が{ $count }件あります。
    }
UI_FINDINGS_MORE = 検出事項の最初の{ $count }件です。ほかにもあります。
UI_FINDINGS_FIRST = 最初の検出事項
UI_CARDS = スコアカード
UI_NO_CARDS = 閲覧できるスコアカードがありません。
UI_RANK = 順位
UI_SCORE = スコア
UI_CREDITED_RECORDS = 帰属した記録
UI_COMPARE_CARDS = スコアカードを比較
UI_WITH_PERSON = 比較する人
UI_CHOOSE_PEOPLE = 上で人を選ぶと、ここにスコアカードが並んで表示されます。
UI_CHANGED_SINCE = 計算後の変更
UI_NOTHING_CHANGED = ありません。もう一度締めても同じ結果になります。
UI_CHANGED_ACCOUNTS = { $accounts }個のアカウントに変更があります。
UI_CHANGED_OBSERVATIONS = { $observations }件の観測値が追加または変更されました。
UI_CHANGED_OTHERS = ほかに閲覧できないアカウントが{ $others }個あります。
UI_CHANGED_RATE = { $from }から{ $to }への為替レートが変わっています。
UI_CHANGES_REMOVED = { $day }より前のものは、保存期間の満了により削除された可能性があるため、比較しません。
UI_CHANGED_ON_ACCOUNT = 記録の変更：{ $records }、勤務が異なる日：{ $days }
UI_CARD = スコアカード
UI_OF_CARDS = / { $of }
UI_OUTSIDE_OWN = うち{ $records }は自分のシフト表・チームの外
UI_POINTS_BY_INDICATOR = 指標ごとの点数
UI_STEP_BY_STEP = 計算の手順
UI_VALUE = 値
UI_ADJUSTED = 少数データの調整後
UI_POINTS = 点数
UI_WEIGHTED = 加重後
UI_MEASURED_ON = 測定した記録
UI_CARD_VERSIONS = このスコアカードのバージョン
UI_VERSIONS_BESIDE = スコアカードのバージョンの比較
UI_NO_CARD_THEN = スコアカードなし
UI_NOT_PUBLISHED_YET = この結果はまだ公開されていません。確認する人だけが閲覧できます。
UI_OPEN_PERSON = 人を開く
UI_DIGEST = 入力のダイジェスト
UI_NEW_RUN = 帰属計算を開始
UI_NO_RUNS = 帰属計算がまだありません。評価サイクルを締めると実行されます。スコアを計算する前に、このページから実行することもできます。
UI_STARTED = 開始
UI_CYCLE = 評価サイクル
UI_RULES = ルール
UI_PEOPLE_CREDITED = 帰属した人
UI_ACCOUNTS = アカウント
UI_TOTALS = 人ごとの合計
UI_AT_LEAST = 最少
UI_AT_MOST = 最多
UI_NAMED_SHARE = うち確実なもの
UI_CANCEL_RUN = 帰属計算を中止
UI_START_RUN = 開始
UI_RUN_SAID = 指定した日の記録の帰属を計算し、評価サイクルを締める前に問題を訂正できるようにします。スコアは計算しません。
UI_NO_OBSERVATIONS = 観測値がありません。観測値は、取り込み、またはほかのシステムからAPIで登録されます。
UI_NO_OBSERVATION = その観測値はもうありません
UI_SOURCE = 出所
UI_CAME_AT = 受信日時
UI_COUNTS = 有効
UI_WITH_VERSIONS = 無効なものも表示
UI_WITHDRAW_OBSERVATION = 観測値を取り消す
UI_WITHDRAW_SAID = 以後は無効になります。各バージョンと理由は引き続き閲覧できます。
WORD_CYCLE_STATE_OPEN = 未締め
WORD_CYCLE_STATE_CLOSING = 締め処理中
WORD_CYCLE_STATE_REVIEWABLE = 確認待ち
WORD_CYCLE_STATE_PUBLISHED = 公開済み
WORD_CYCLE_STATE_FAILED = 失敗
WORD_ATTRIBUTION_RUN_STATE_RUNNING = 実行中
WORD_ATTRIBUTION_RUN_STATE_DONE = 完了
WORD_ATTRIBUTION_RUN_STATE_FAILED = 失敗
WORD_ATTRIBUTION_RUN_STATE_CANCELLED = 中止
WORD_NORMALISATION_TARGET_PIECEWISE = 目標に対する割合
WORD_NORMALISATION_MIN_MAX = 集団の最小値と最大値の間の位置
WORD_NORMALISATION_PERCENTILE = 集団のうち同じかそれ以下の割合
WORD_NORMALISATION_T_SCORE = 集団の平均との差（Tスコア）
WORD_DIRECTION_HIGHER = 高いほど良い
WORD_DIRECTION_LOWER = 低いほど良い
WORD_REFINEMENT_STATE_UP_TO_DATE = 最新
WORD_REFINEMENT_STATE_BEHIND_BUT_FITS = 旧版だが適合
WORD_REFINEMENT_STATE_MUST_FOLLOW = 追随が必要
WORD_REFINEMENT_STATE_PARENT_WITHDRAWN = 標準が使用停止
WORD_POPULATION_REASON_FITS = すべての条件に該当
WORD_POPULATION_REASON_NAMED_IN = 指名により追加
WORD_POPULATION_REASON_NAMED_OUT = 指名により除外
WORD_POPULATION_REASON_NOT_EMPLOYED = 期間中に在籍なし
WORD_POPULATION_REASON_OTHER_UNIT = 基準日に別の組織
WORD_POPULATION_REASON_OTHER_POSITION = 基準日に別の役職
WORD_POPULATION_REASON_OTHER_GRADE = 基準日に別の等級
WORD_POPULATION_REASON_OTHER_EMPLOYMENT_KIND = 基準日に別の雇用形態
WORD_POPULATION_REASON_EMPLOYMENT_KIND_NOT_SAID = 雇用形態の登録なし
WORD_DROP_REASON_NOBODY_HAS_DATA = 誰にもデータがありません
WORD_DROP_REASON_NO_DATA_OF_PERSON = この人のデータがありません
WORD_DROP_REASON_NO_TARGET = 中央値が0以下のため、目標がありません
WORD_DROP_REASON_TOO_LARGE = 値が大きすぎて計算できません
WORD_DROP_REASON_TOO_LARGE_ELSEWHERE = ほかの人の値が大きすぎて計算できません
WORD_DROP_REASON_NO_PAST = 比較する過去の値がありません
WORD_PERSON_CHANGE_KIND_EMPLOYMENT = 組織または在籍期間が変更
WORD_PERSON_CHANGE_KIND_CAME_IN = 新たに対象
WORD_PERSON_CHANGE_KIND_WENT_OUT = 対象外に変更
WORD_PERSON_CHANGE_KIND_PAST = 過去の評価サイクルの値が変更
WORD_OBSERVATION_END_REVISED = 改訂済み
WORD_OBSERVATION_END_WITHDRAWN = 取り消し済み
WORD_EMPLOYMENT_KIND_FULL_TIME = フルタイム
WORD_EMPLOYMENT_KIND_PART_TIME = パートタイム
WORD_EMPLOYMENT_KIND_FIXED_TERM = 有期雇用
WORD_EMPLOYMENT_KIND_INTERN = インターン
WORD_EMPLOYMENT_KIND_AGENCY = 派遣
WORD_EMPLOYMENT_KIND_OUTSOURCED = 業務委託（外注先）
WORD_EMPLOYMENT_KIND_FREELANCE = フリーランス
WORD_ORG_UNIT_KIND_UNSPECIFIED = 組織
WORD_ORG_UNIT_KIND_GROUP = グループ
WORD_ORG_UNIT_KIND_LEGAL_ENTITY = 法人
WORD_ORG_UNIT_KIND_BRANCH = 支社
WORD_ORG_UNIT_KIND_DEPARTMENT = 部門
WORD_ORG_UNIT_KIND_TEAM = チーム
WORD_REPORTING_LINE_KIND_UNSPECIFIED = レポートライン
WORD_REPORTING_LINE_KIND_SOLID = 実線：直属の上長
WORD_REPORTING_LINE_KIND_DOTTED = 点線：その他の上長
WORD_CATALOGUE_KIND_UNSPECIFIED = カタログ項目
WORD_CATALOGUE_KIND_POSITION = 役職
WORD_CATALOGUE_KIND_GRADE = 等級
WORD_PHASE_KIND_UNSPECIFIED = 指定なし
WORD_PHASE_KIND_SHARED = 共有
WORD_PHASE_KIND_MIXED = 移行中
WORD_PHASE_KIND_NAMED = 記名
WORD_FACT_STATE_UNSPECIFIED = 有効
WORD_FACT_STATE_COUNTS = 有効
WORD_FACT_STATE_VOIDED = 取り消し済み
WORD_FACT_STATE_MOVED = 置き換え済み
WORD_CORRECTION_ACTION_UNSPECIFIED = 訂正
WORD_CORRECTION_ACTION_ADD = 記録漏れの追加
WORD_CORRECTION_ACTION_VOID = なかったものとする
WORD_CORRECTION_ACTION_MOVE = 内容の訂正
WORD_CORRECTION_ACTION_CHANGE = 今後の変更
WORD_CORRECTION_ACTION_CANCEL = シフト表から取り消し
WORD_CORRECTION_ACTION_END = 終了
WORD_CORRECTION_STATE_UNSPECIFIED = プレビューのみ

## Console: mine

NAV_TODAY = 今日
NAV_MONTH = 自分の月次
NAV_MY_PAY = 自分の報酬
NAV_FACTS = 自分の勤怠
UI_MINE_ZONE = 時刻は{ $zone }のものです。
UI_MINE_ZONE_OTHER = 時刻は選択した{ $zone }のものです。勤務地は{ $site }で、日付は勤務地のものです。
UI_MINE_LASTS = { $hours }時間{ $minutes }分
UI_MINE_LASTS_COLUMN = 勤務時間
UI_MINE_ACCOUNT = アカウント…{ $code }
UI_MINE_ACCOUNT_COLUMN = アカウント
UI_MINE_FREE = 今日の予定はありません
UI_MINE_AHEAD = シフトは{ $at }に始まります
UI_MINE_LATE = シフトは{ $at }に始まりましたが、出勤の打刻がありません
UI_MINE_ABSENT = 予定あり、打刻なし
UI_MINE_IN = { $at }から勤務中
UI_MINE_MISSING = 打刻漏れがあります
UI_MINE_WAS = 勤務時間：{ $lasts }
UI_MINE_DAY_FREE = 予定なし
UI_MINE_DAY_AHEAD = 予定
UI_MINE_DAY_LATE = 未出勤
UI_MINE_DAY_ABSENT = 打刻なし：訂正する
UI_MINE_DAY_IN = 勤務中
UI_MINE_DAY_MISSING = 打刻漏れ：訂正する
UI_MINE_DAY_WAS = 完了
UI_MINE_COME = 出勤
UI_MINE_LEAVE = 退勤
UI_MINE_SHIFT = シフト
UI_MINE_NO_SHIFT = この日のシフトはありません。
UI_MINE_SEAT = 座席
UI_MINE_PUNCHES = 打刻
UI_MINE_NO_PUNCHES = この日の打刻はまだありません。
UI_MINE_TO_FACTS = すべての日と訂正
UI_MINE_ACCOUNTS = アカウント
UI_MINE_NO_ACCOUNTS = 予定されたアカウントがありません。対応している場合はスーパーバイザーに確認してください。
UI_MINE_TAKE = 引き受ける
UI_MINE_RELEASE = 引き渡す
UI_MINE_HELD_BY_ME = { $at }からあなたが使用中
UI_MINE_HELD_BY = { $at }から{ $name }が使用中
UI_MINE_HELD_BY_OTHER = { $at }からほかの人が使用中
UI_MINE_HELD_BY_NOBODY = 閲覧できる範囲に使用者はいません
UI_MINE_DRIFT = お使いの端末の時計が{ $minutes }分ずれています。打刻にはシステムの時刻を使い、端末の時刻もあわせて保存します。
UI_MINE_DROPPED = 無効
UI_MINE_ADDED = 訂正による追加
UI_MINE_MOVE = 訂正
UI_MINE_VOID = 打刻なし
UI_MINE_OTHERS_PUNCH = この打刻は、この端末でほかの人が行ったものです。送信するには本人がログインする必要があります
UI_MINE_LATE_REASON = { $at }にネットワークなしで打刻
UI_MINE_LATE_ASKED = { $recorded }に記録しました。ボタンを押した{ $at }の打刻とするには、承認が必要です（承認待ち）。
UI_MINE_LATE_NOT_ASKED = { $recorded }に記録しました。ボタンを押したのは{ $at }ですが、訂正を申請できませんでした（{ $why }）。「自分の勤怠」で訂正してください。
UI_QUEUE = ネットワークなしでの打刻
UI_QUEUE_WAITING = ネットワークにつながると自動で送信されます
UI_QUEUE_RECORDED = 記録済み
UI_QUEUE_REFUSED = 拒否されました
UI_OFFLINE = ネットワークなし
UI_OFFLINE_SAID = このまま打刻できます。端末が時刻とともに保存し、ネットワークにつながると送信します。
UI_OFFLINE_SCRIPTS = ネットワークなしでの打刻にはスクリプトが必要ですが、ブラウザーで実行されていません。
UI_MINE_CYCLES = 評価サイクル
UI_MINE_SCORE = スコア
UI_MINE_PLACE = 順位
UI_MINE_RANK = { $of }人中{ $rank }位
UI_MINE_GAP = 目標までの点数
UI_MINE_GAP_SAID = 目標に届いていない指標の不足点の合計
UI_MINE_COLLABORATION = 協力
UI_MINE_STEPS = スコアの計算手順
UI_MINE_OF_WEIGHT = { $points } / { $weight }
UI_MINE_IN_WORDS = 各手順の説明
UI_MINE_HELPS = 改善効果の大きい指標
UI_MINE_HELPS_NOTHING = すべての指標が目標に達しています。
UI_MINE_LACKS = 不足点：
UI_MINE_TOTALS = 帰属した記録
UI_MINE_INTERVAL = 印はあなたに帰属した件数です。実際に対応した件数は、90 %の確度で帯の範囲内にあります。
UI_MINE_ALL_ACCOUNTS = すべてのアカウント
UI_MINE_HOW_SURE = 確実性
UI_MINE_TO_RECORDS = 各記録とその理由
UI_MINE_RECORDS = 記録
UI_MINE_RECORD = 記録
UI_MINE_BEGAN = 開始
UI_MINE_SHARE = あなたの配分
UI_MINE_OTHERS = ほかの人
UI_MINE_NO_RECORDS = あなたに帰属した記録はありません。
UI_MINE_WHY = 理由
UI_MINE_HIDDEN = *** は閲覧できない人です。
UI_MINE_VERSIONS = バージョン
UI_MINE_VERSION = バージョン{ $number }：スコア{ $score }
UI_MINE_NO_VERSIONS = このスコアカードはまだ公開されていません。
UI_MINE_DRAFT = この評価サイクルは確認中です。公開されるまでスコアが変わることがあります。
UI_MINE_NO_CARD = スコアカードがまだありません。あなたを含む評価サイクルが公開されると表示されます。
UI_MINE_STATEMENT = 支給明細
UI_MINE_STATEMENTS = 支給明細
UI_MINE_NO_STATEMENTS = 支給明細がまだありません。公開された評価サイクルの精算が行われると表示されます。
UI_MINE_EQUAL = 均等配分の場合
UI_MINE_LINES = 内訳
UI_MINE_NO_LINES = この支給明細は調整額だけです。
UI_MINE_ADJUSTMENTS = 以前の支給明細の訂正
UI_MINE_DELTAS = 訂正された金額
UI_MINE_LEFT = 未精算：
UI_MINE_LEFT_NEXT = 次の支給明細への繰り越し：
UI_MINE_BEHIND = スコアは{ $total }件の記録に基づいています。うち{ $count }件を表示しています。
UI_MINE_NO_DAYS = この月に打刻とシフトはありません。
UI_MINE_FINDINGS = あなたに関する検出事項
UI_MINE_NO_FINDINGS = ありません。打刻と記録は一致しています。
UI_MINE_ADVICE = 対処方法：
UI_MINE_FIX = 訂正を申請
UI_MINE_CORRECTIONS = 訂正
UI_MINE_NO_CORRECTIONS = 申請した訂正はありません。
UI_MINE_WITHDRAW = 取り下げ
UI_MINE_HANDOVERS = 引き継ぎ
UI_MINE_NO_HANDOVERS = この月にアカウントの引き継ぎはありません。
UI_MINE_ADD = 打刻を追加
UI_MINE_MOVE_TITLE = 打刻の訂正
UI_MINE_VOID_TITLE = 実際にはなかった打刻
UI_MINE_IT_WAS = 現在の内容：{ $kind }、{ $at }
UI_MINE_RIGHT_SAID = ほかの人が承認するまでは何も変わりません。記録された内容が消えることはありません。
UI_MINE_WHEN = 実際の日時
UI_MINE_KIND = 出勤・退勤
UI_MINE_ASK = 申請する
WORD_PUNCH_KIND_IN = 出勤
WORD_PUNCH_KIND_OUT = 退勤
WORD_PUNCH_VERDICT_ACCEPTED = 正常
WORD_PUNCH_VERDICT_DOUBLE_IN = すでに出勤中でした。この打刻から新たに始まります
WORD_PUNCH_VERDICT_OUT_WITHOUT_IN = 出勤のない退勤
WORD_PUNCH_VERDICT_OFF_ROSTER = シフト表の時間外
WORD_HANDOVER_KIND_TAKE = 引き受け
WORD_HANDOVER_KIND_RELEASE = 引き渡し
WORD_CORRECTION_STATE_WAITING = 承認待ち
WORD_CORRECTION_STATE_APPROVED = 承認済み
WORD_CORRECTION_STATE_MADE = 実施済み
WORD_CORRECTION_STATE_REJECTED = 却下
WORD_CORRECTION_STATE_WITHDRAWN = 取り下げ
WORD_PUNCH_KIND_UNSPECIFIED = 打刻
WORD_HANDOVER_KIND_UNSPECIFIED = 引き継ぎ
UI_DIALOGUES_AT_ONCE = 同時に{ $count }件の会話

## Console: team

NAV_TEAM_MONTH = チームの月次
NAV_TEAM_ACCOUNTS = アカウントの推移
NAV_FINDINGS = 検出事項
NAV_HANDOVERS = 引き継ぎ
NAV_ROSTER = シフト表
UI_TEAM_ABOUT = 対象
UI_TEAM_ACCOUNT = アカウント
UI_TEAM_ACCOUNTS_SAID = アカウントを選ぶと、使用者、受信した記録、その帰属先を確認できます。
UI_TEAM_ASK_TO_PUT_RIGHT = 訂正を申請
UI_TEAM_BEGAN = 開始
UI_TEAM_BROUGHT_BY = これを追加した訂正
UI_TEAM_BY_ACCOUNTS = アカウント別
UI_TEAM_BY_PEOPLE = 人別
UI_TEAM_BY_WHAT = 人またはアカウント
UI_TEAM_CANCEL_SHIFT = シフトを取り消す
UI_TEAM_CERTAIN = 確実
UI_TEAM_CERTAIN_SAID = 担当者名、担当申告、引き継ぎ、または単独勤務
UI_TEAM_CHANGE_SHIFT = シフトを変更
UI_TEAM_COLLABORATION = 協力
UI_TEAM_COMPARED_WITH = { $before }との比較
UI_TEAM_CORRECTIONS_WAIT = 引き継ぎの訂正{ $count }件が承認待ちです
UI_TEAM_CORRECTION_NOT_YOURS = 閲覧できますが、訂正の申請はできません。
UI_TEAM_CORRECTION_WAITS = この訂正は承認待ちです。
UI_TEAM_COUNTS_NO_MORE = 無効になっているため、ここで訂正するものはありません。
UI_TEAM_COUNTS_NO_MORE_BY = これを無効にした訂正
UI_TEAM_COUNTS_PUT_RIGHT = 訂正済み
UI_TEAM_CREDITED_TO_NOBODY = この期間の記録{ $count }件は誰にも帰属していません。
UI_TEAM_CREDITS_OF = 帰属の対象
UI_TEAM_CUSTOMER = 顧客
UI_TEAM_CYCLE = 評価サイクル
UI_TEAM_DAYS = { $count }日
UI_TEAM_DAYS_SHOWN = 表示する日
UI_TEAM_DAYS_TOO_MANY = 一度に{ $limit }日までです
UI_TEAM_DAY_DRAWN =
    { $day }：記録{ $records }件、{ $gaps ->
        [0] 終日勤務者あり
       *[other] 勤務者のいない時間帯{ $gaps }か所
    }。
UI_TEAM_DEVICE = 端末
UI_TEAM_DUTY_AS_TABLE = 勤務の表
UI_TEAM_EARLIER_VERSIONS = 以前のバージョン
UI_TEAM_ENDED = 終了
UI_TEAM_END_HINT = 開始以前の時刻は翌日の終了とします。
UI_TEAM_EVIDENCE = 根拠
UI_TEAM_FINDINGS_OF = 検出事項の対象
UI_TEAM_FIRST_DAY = 初日
UI_TEAM_FIRST_REPLY = 初回返信
UI_TEAM_FIX = 訂正可能
UI_TEAM_FIXABLE = このうち{ $count }件はここから訂正できます。開くと訂正内容を確認できます。
UI_TEAM_FIX_ALIAS = { $platform }の「{ $alias }」を{ $person }とします。
UI_TEAM_FIX_AT_ONCE = すぐに有効になります。
UI_TEAM_FIX_CLOSE = 評価サイクルをもう一度締めます。
UI_TEAM_FIX_HANDOVER = { $person }による{ $account }の引き継ぎを追加します：{ $kind }、{ $at }。
UI_TEAM_FIX_MOVE = 記録{ $record }を{ $from }から{ $to }に移します。
UI_TEAM_FIX_NONE = わかっている内容からは訂正方法を決められません。その場にいた人の確認が必要です。対処方法は上の説明を参照してください。
UI_TEAM_FIX_NOT_YOURS = 必要な権限を持つ人が訂正できます。
UI_TEAM_FIX_OTHER = { $call }を呼び出します。
UI_TEAM_FIX_PUNCH = { $person }の打刻を追加します：{ $kind }、{ $at }。
UI_TEAM_FIX_THERE = 訂正可能
UI_TEAM_FIX_WAITS = 有効になるには、ほかの人の承認が必要です。
UI_TEAM_FORGOTTEN_HANDOVER = 引き継ぎの記録漏れを追加
UI_TEAM_MONDAY = 月
UI_TEAM_TUESDAY = 火
UI_TEAM_WEDNESDAY = 水
UI_TEAM_THURSDAY = 木
UI_TEAM_FRIDAY = 金
UI_TEAM_SATURDAY = 土
UI_TEAM_SUNDAY = 日
UI_TEAM_FROM = 開始
UI_TEAM_GAP_AT = 勤務者なし：{ $gaps }
UI_TEAM_GAP_BUSY = 勤務者なしで記録あり
UI_TEAM_HANDOVER = 引き継ぎ
UI_TEAM_HOW_KNOWN = 判断の根拠
UI_TEAM_HOW_SURE = 確実性
UI_TEAM_HOW_THE_SCORE_CAME = スコアの計算過程
UI_TEAM_INDICATOR = 指標
UI_TEAM_KIND = 種類
UI_TEAM_LAST_DAY = 最終日
UI_TEAM_LAST_DAY_HINT = 空欄：初日のみ。
UI_TEAM_LEGEND = 図の見方
UI_TEAM_LEGEND_SAID = 各記録は帰属した人の色で塗られ、高さは配分を表し、配分が少ないほど薄くなります。文字は配分が最も多い人を示し、氏名は各列にあります。丸は打刻と引き継ぎで、塗りつぶしは出勤と引き受け、白抜きは退勤と引き渡しです。
UI_TEAM_LOOK_AT_IT = 確認する
UI_TEAM_MOVED = スコアの変動
UI_TEAM_MOVE_HINT = 実際の日時が異なる場合のみ使われます。
UI_TEAM_NAMED = 担当者名
UI_TEAM_NOBODY = なし
UI_TEAM_NOBODY_ON_DUTY = 勤務者なし
UI_TEAM_NOTHING_ODD = この月に検出事項はありません。
UI_TEAM_NOT_CREDITED = 未帰属
UI_TEAM_NOT_CREDITED_YET = まだ帰属がありません。締めた評価サイクルも帰属計算もこの期間を含んでいません。受信した記録と勤務者を表示しています。
UI_TEAM_NO_ACCOUNTS = 閲覧できる範囲にアカウントがありません。
UI_TEAM_NO_CARDS = 閲覧できる範囲にスコアカードがありません。
UI_TEAM_NO_CARDS_DO = 評価サイクルを締めると表示されます。上で別の評価サイクルを選ぶか、アカウントを確認してください。
UI_TEAM_NO_CARD_OF_PERSON = この評価サイクルに、この人のスコアカードはありません。
UI_TEAM_NO_FINDINGS = 確認が必要な検出事項はありません。
UI_TEAM_NO_FINDINGS_DO = 検出事項は、評価サイクルを締める前も含め、帰属計算のたびに作成されます。
UI_TEAM_NO_HANDOVERS = この期間に引き継ぎはありません。
UI_TEAM_NO_HANDOVERS_DO = 上で別の期間を選んでください。引き継ぎは、アカウントを引き受けたり引き渡したりしたときに記録されます。
UI_TEAM_NO_RECORDS = この期間に記録はありません。
UI_TEAM_NO_SHIFT = シフトなし
UI_TEAM_ON_DUTY = 勤務中
UI_TEAM_ON_DUTY_HELD = 引き継ぎにより勤務中
UI_TEAM_ON_DUTY_LOOSE = チームの一員として勤務中
UI_TEAM_OTHERS = 閲覧できない人
UI_TEAM_OTHER_ACCOUNT = 閲覧できないアカウント
UI_TEAM_OUTSIDE = ほかでの記録
UI_TEAM_PERSON = 人
UI_TEAM_PERSON_HINT = 一覧の氏名または従業員番号。
UI_TEAM_PHASE = 使い方
UI_TEAM_PLATFORM = プラットフォーム
UI_TEAM_POINTS = 点数
UI_TEAM_POINTS_BY_INDICATOR = 指標ごとの点数
UI_TEAM_POLICY = ポリシー
UI_TEAM_PUBLISH_SAID = 時刻はアカウントのタイムゾーンのものです。シフトに入る人はすぐに確認できます。
UI_TEAM_PUBLISH_SHIFTS = シフトを公開
UI_TEAM_PUNCHED = 打刻あり
UI_TEAM_PUT_IT_RIGHT = 訂正する
UI_TEAM_PUT_RIGHT_BECAUSE = 訂正の理由
UI_TEAM_RANGE = 範囲（90 %）
UI_TEAM_RANK = 順位
UI_TEAM_RANK_OF = { $of }人中{ $rank }位
UI_TEAM_RATING = 評点
UI_TEAM_RECORD = 記録
UI_TEAM_RECORDS = 記録
UI_TEAM_RECORDS_AS_TABLE = 記録の表
UI_TEAM_RECORDS_CAME = 受信した記録
UI_TEAM_RECORDS_CREDITED = 閲覧できる人に帰属
UI_TEAM_REFUND_OF = 返金の対象
UI_TEAM_RESOLVED = 解決
UI_TEAM_ROSTERED = シフトあり
UI_TEAM_SCORE = スコア
UI_TEAM_SCORE_MEDIAN = スコアの中央値
UI_TEAM_SEAT = 座席
UI_TEAM_SECONDS = { $seconds }秒
UI_TEAM_SHIFT = シフト
UI_TEAM_SHIFT_COUNTS_NO_MORE = このシフトは無効です。代わりに有効なシフトを変更してください。
UI_TEAM_SHIFT_NOT_YOURS = このシフトは閲覧できますが、変更できません。
UI_TEAM_SHIFT_REASON_HINT = シフトの開始後は必須です。
UI_TEAM_STORE = 店舗
UI_TEAM_SURE_KNOWN = 確実
UI_TEAM_SURE_NOBODY = 帰属先なし
UI_TEAM_SURE_SHARED = 均等に配分（区別する根拠なし）
UI_TEAM_SURE_WEIGHED = 根拠により配分
UI_TEAM_TARGET = 目標
UI_TEAM_TIMES_IN = 時刻は{ $zone }（{ $offset }）のものです。
UI_TEAM_TIMES_OF_ACCOUNTS = 時刻は各アカウントのタイムゾーンのものです。
UI_TEAM_TO = 終了
UI_TEAM_TODAY = 今日
UI_TEAM_TO_THE_CARD = スコアカードへ
UI_TEAM_TO_THE_FINDINGS = この月の検出事項
UI_TEAM_TO_THE_TABLE = 記録の表へ
UI_TEAM_TO_THE_TIMELINE = タイムライン
UI_TEAM_VALUE = 値
UI_TEAM_VIEW = 表示期間
UI_TEAM_VIEW_DAY = 日
UI_TEAM_VIEW_MONTH = 月
UI_TEAM_VIEW_WEEK = 週
UI_TEAM_WEIGHT = ウェイト
UI_TEAM_WHAT = 内容
UI_TEAM_WHAT_CORRECTIONS_CHANGED = 訂正による変更
UI_TEAM_WHAT_IS_ODD = 検出事項
UI_TEAM_WHAT_IS_RIGHT = 正しい内容
UI_TEAM_WHAT_IT_WAS = 元の内容
UI_TEAM_WHAT_SHOWS_IT = 根拠
UI_TEAM_WHAT_TO_DO = 対処方法
UI_TEAM_WHAT_WAS_PUT_RIGHT = 訂正された内容
UI_TEAM_WHAT_WAS_SEEN = 検出内容
UI_TEAM_WHEN = 日時
UI_TEAM_WHEN_IT_WAS = 実際の日時
UI_TEAM_WHERE_THE_RECORDS_ARE = 記録の所在
UI_TEAM_WHOSE = 帰属先
UI_TEAM_WHY = 理由
UI_TEAM_ZONE_OF_DAYS = 日付のタイムゾーン
WORD_DUTY_RULE_HANDOVER = 引き継ぎにより使用
WORD_DUTY_RULE_ROSTER = シフト表にあり、矛盾する打刻なし
WORD_DUTY_RULE_PUNCH = チームの一員で、出勤の打刻あり
WORD_DUTY_RULE_TEAM = 根拠なし：チーム全体
WORD_VERSION_END_REVISED = 送信元による改訂
WORD_VERSION_END_MOVED = 別のアカウントに移動
WORD_VERSION_END_WITHDRAWN = 取り消し済み
WORD_NOBODY_ON_DUTY = 勤務者なし
DONE_FIX_ASKED = 申請しました。ほかの人が承認します
DONE_FIX_MADE = 訂正しました
DONE_CORRECTION_ASKED = 申請しました。ほかの人が承認します
DONE_SHIFTS_PUBLISHED = シフトを公開しました
DONE_SHIFT_CHANGED = シフトを変更しました
DONE_SHIFT_CANCELLED = シフトを取り消しました

## Console: words that other rooms have too

WORD_RECORD_AGGREGATION_MEAN = 平均
WORD_RECORD_AGGREGATION_SUM = 合計
WORD_RECORD_AGGREGATION_COUNT = 件数
WORD_RECORD_AGGREGATION_SHARE = 条件を満たす割合
WORD_RECORD_AGGREGATION_DISTINCT = 顧客数
WORD_OBSERVATION_AGGREGATION_SUM = 合計
WORD_OBSERVATION_AGGREGATION_MEAN = 平均
WORD_OBSERVATION_AGGREGATION_LAST = 最新の値
WORD_OBSERVATION_OF_PERSON = 本人
WORD_OBSERVATION_OF_UNIT = 本人の組織
WORD_OBSERVATION_OF_ACCOUNT = アカウント
WORD_OBSERVATION_OF_STORE = 店舗
WORD_OBSERVATION_OF_CAMPAIGN = キャンペーン
WORD_COMPARISON_AT_MOST = 以下
WORD_COMPARISON_AT_LEAST = 以上
WORD_COMPARISON_BELOW = 未満
WORD_COMPARISON_ABOVE = より大きい
WORD_COMPARISON_EQUAL = 等しい
DONE_SCHEME_SAVED = バージョンを保存しました。
DONE_SCHEME_WITHDRAWN = 使用を停止しました。
DONE_MEASURE_SAVED = 測定値を保存しました。
DONE_MEASURE_RETIRED = 測定値を廃止しました。
DONE_CYCLE_MADE = 評価サイクルを作成しました。
DONE_CYCLE_CLOSING = 締め処理を開始しました。
DONE_CYCLE_CANCELLED = 中止しました。
DONE_CYCLE_CORRECTING = 訂正を計算しています。
DONE_CYCLE_PUBLISHED = 結果を公開しました。
DONE_RUN_STARTED = 帰属計算を開始しました。
DONE_RUN_CANCELLED = 帰属計算を中止しました。
DONE_OBSERVATION_WITHDRAWN = 観測値を取り消しました。
WORD_FINDING_MISSING_PUNCH = 打刻漏れ
WORD_FINDING_DOUBLE_IN = 出勤の重複打刻
WORD_FINDING_TAG_OFF_DUTY = 勤務外の担当者名
WORD_FINDING_UNCOVERED_SHIFT = 誰も勤務していないシフト
WORD_FINDING_NAMED_WITHOUT_AGENT = 該当者のいない担当者名
WORD_FINDING_MISSING_RELEASE = アカウントの引き渡し漏れ
WORD_FINDING_CLAIM_OFF_DUTY = 勤務外の担当申告
WORD_FINDING_OVERLAP = 2人が同時に使用
WORD_FINDING_SEVERAL_AT_ONCE = 複数アカウントの同時対応
WORD_FINDING_TOO_FEW_REPLIES = 判断には少なすぎる返信
WORD_FINDING_DEVICE_OFF_DUTY = 勤務外の人の端末
WORD_FINDING_MIXED_WITHOUT_TAG = 担当者名のない移行中のアカウント
WORD_FINDING_NO_DUTY_EVIDENCE = 勤務の根拠なし
WORD_FINDING_CLAIMS_DIFFER = 矛盾する担当申告
WORD_FINDING_CLAIM_WITHOUT_RECORD = 記録のない担当申告
WORD_FINDING_BREAKS_NOT_PUNCHED = 打刻のない休憩
WORD_FINDING_DEVICE_OF_NOBODY = 使用者のない端末
WORD_FINDING_EVIDENCE_UNEVEN = 根拠の偏り
WORD_FINDING_EVIDENCE_NOT_READ = 読み取られなかった根拠
DONE_CAME = 出勤を打刻しました。
DONE_LEFT = 退勤を打刻しました。
DONE_PUNCHED = 打刻を記録しました。
DONE_TOOK = アカウントを引き受けました。
DONE_RELEASED = アカウントを引き渡しました。
DONE_ASKED = 申請しました。ほかの人が承認します。
DONE_WITHDRAWN = 取り下げました。

## Console: pay

NAV_POOLS = 賞与原資
NAV_SETTLEMENTS = 精算
NAV_STATEMENTS = 支給明細
NAV_PAY_CORRECTIONS = 報酬の訂正
NAV_RATES = 為替レート
WORD_SETTLEMENT_STATE_DRAFT = 下書き
WORD_SETTLEMENT_STATE_APPROVED = 承認済み
WORD_SETTLEMENT_STATE_POSTED = 計上済み
WORD_SETTLEMENT_STATE_DISCARDED = 破棄済み
WORD_PAY_CORRECTION_STATE_DRAFT = 下書き
WORD_PAY_CORRECTION_STATE_APPROVED = 承認済み
WORD_PAY_CORRECTION_STATE_WITHDRAWN = 取り下げ済み
DONE_POOL_MADE = 賞与原資を作成しました。
DONE_SETTLEMENT_DRAFTED = 精算を下書きしました。ほかの人が承認します。
DONE_PAY_APPROVED = 精算を承認しました。計上できます。
DONE_PAY_POSTED = 精算を計上しました。今後変更されることはありません。
DONE_PAY_DISCARDED = 精算を破棄しました。
DONE_NOTHING_MOVED_ON = すでに状態が変わっていたため、何も行いませんでした。現在の状態は次のとおりです。
DONE_PAY_CORRECTION_DRAFTED = 訂正を下書きしました。ほかの人が承認します。
DONE_PAY_CORRECTION_APPROVED = 訂正を承認しました。差額は次回以降の精算で支給されます。
DONE_PAY_CORRECTION_WITHDRAWN = 訂正を取り下げました。
DONE_RATE_SET = 為替レートを登録しました。
DONE_RATE_KNOWN = この為替レートは登録済みのため、何も書き込みませんでした。
UI_PAY_ACCOUNT = アカウント
UI_PAY_ACCOUNT_HIDDEN = 閲覧できないアカウント
UI_PAY_ADJUSTMENTS = 以前の月の訂正
UI_PAY_ADJUSTMENTS_ALONE = この支給明細に賞与原資の配分はなく、以前の月の訂正だけを支給します。
UI_PAY_ALSO_SUPERSEDED = 無効になったものも表示
UI_PAY_AMOUNTS_HIDDEN = 支給明細があることは確認できますが、支給額は閲覧できません。金額はこのページに送信されていません。
UI_PAY_AMOUNT_HINT = 数字と1つまでの小数点（例：120000.50）。
UI_PAY_ANOTHER_ACCOUNT = 別のアカウント（…{ $tail }）
UI_PAY_APPROVAL_ELSEWHERE = 承認権限のある人の承認を待っています。あなたには権限がありません。
UI_PAY_APPROVE = 承認
UI_PAY_APPROVE_PAY_CORRECTION_SAID = 承認すると、次回以降の精算で差額を支給または差し引きます。
UI_PAY_APPROVE_SAID = あなたが準備したものではないため、承認できます。先に明細と合計を確認してください。
UI_PAY_BEFORE = 変更前
UI_PAY_BEFORE_ROUNDING = 端数処理前
UI_PAY_BESIDE_THE_POOL = 賞与原資以外
UI_PAY_CARRY = 端数を翌月に繰り越す
UI_PAY_CARRY_HINT = 均等に分けられない端数を毎月繰り越し、長期的に均等にします。
UI_PAY_CORRECTION = 報酬の訂正
UI_PAY_CORRECTION_REASON_HINT = 変更のある各支給明細に表示されます。
UI_PAY_CORRECTION_SAID = 計上済みの内容は変わりません。現在のスコアカードで賞与原資を配分し直し、各人の差額を次の精算で支給します。
UI_PAY_COUNTS = 有効
UI_PAY_CURRENCY = 通貨
UI_PAY_CURRENCY_HINT = CNYなどの英字3文字。
UI_PAY_CYCLE = 評価サイクル
UI_PAY_CYCLE_HIDDEN = 閲覧できない評価サイクル
UI_PAY_DELTAS = 金額が変わる人
UI_PAY_DIFFERENCE = 差額
UI_PAY_DISCARD = 破棄
UI_PAY_DISCARD_SAID = 精算を破棄します。賞与原資はその後あらためて配分できます。
UI_PAY_DRAFT_PAY_CORRECTION = この訂正を下書き
UI_PAY_DRAFT_SETTLEMENT = 精算を下書き
UI_PAY_EQUAL_SPLIT = 均等配分
UI_PAY_EQUAL_SPLIT_SAID = スコアを使わない場合の各人の金額
UI_PAY_FLOOR = 点数の対象となる下限スコア
UI_PAY_FLOOR_HINT = これ以下の人には支給されません。空欄は0です。
UI_PAY_FUND_NAME = 基金の名前
UI_PAY_HIDDEN = 非表示
UI_PAY_HOW_KNOWN = 判断の根拠
UI_PAY_HOW_MADE = 金額の内訳
UI_PAY_HOW_SPLIT = 配分方法
UI_PAY_IN = 換算先
UI_PAY_LEFT_TO_PAY = 未支給
UI_PAY_LESS = 減額の合計
UI_PAY_LINES_TOGETHER = 明細の合計
UI_PAY_LOWEST_SCORE = 最低スコア
UI_PAY_MAKE_POOL = 賞与原資を作成
UI_PAY_MORE = 増額の合計
UI_PAY_NAME_HIDDEN = 氏名は非表示
UI_PAY_NEW_PAY_CORRECTION = 報酬を訂正
UI_PAY_NEW_POOL = 賞与原資を作成
UI_PAY_NEW_RATE = 為替レートを追加
UI_PAY_NEW_SETTLEMENT = 精算を作成
UI_PAY_NOW = 変更後
UI_PAY_NO_CARRY = 端数は当月中に配分します。
UI_PAY_NO_DELTAS = 金額が変わる人はいません。
UI_PAY_NO_PAY_CORRECTIONS = 報酬の訂正はまだありません。計上済みの精算は訂正によって修正します。
UI_PAY_NO_PERCENT = 0～100、小数点以下4桁までの百分率にしてください
UI_PAY_NO_POOLS = 賞与原資がまだありません。評価サイクルごとに、金額と配分方法を指定して作成してください。
UI_PAY_NO_POOL_READY = 現在配分できる賞与原資がありません。支給済みか手続き中、または評価サイクルが未公開です。賞与原資を作成するか、先に評価サイクルを公開してください。
UI_PAY_NO_POSTED_SETTLEMENT = 計上済みの精算がないため、訂正するものはありません。下書きは破棄して下書きし直します。
UI_PAY_NO_RATES = 為替レートがまだありません。別の通貨の金額を計算する場合にだけ必要です。
UI_PAY_NO_RECORDS_BEHIND = この支給明細の根拠となる記録はありません。
UI_PAY_NO_SETTLEMENTS = 精算がまだありません。公開済みの評価サイクルと賞与原資から下書きしてください。
UI_PAY_NO_SETTLEMENT_OF_POOL = この賞与原資はまだ精算されていません。精算を下書きしてください。
UI_PAY_NO_STATEMENTS = 閲覧できる支給明細がありません。
UI_PAY_NOT_PUBLISHED = 未公開
UI_PAY_NUMBER = 番号
UI_PAY_NUMBERED = { $at }. { $label }
UI_PAY_OF_THE_POOL = 賞与原資から
UI_PAY_ONE_OF = 1単位の通貨
UI_PAY_ONLY_COUNTING = 有効なものだけ表示
UI_PAY_PAID = 個人への支給
UI_PAY_PART_FUND_SAID = この枠はチームのために保持し、個人には支給しません。使わない場合は配分を空欄にします。
UI_PAY_PART_PROPORTIONAL_SAID = 下限を超える点数に応じて配分します。使わない場合は配分を空欄にします。
UI_PAY_PART_TIERS_SAID = 段階は良いものから順に並べます。各段階は人数の割合、または一定以上のスコアで決まり、該当者はその段階のウェイトになります。使わない場合は配分を空欄にします。
UI_PAY_PERCENT_OF_POOL = 賞与原資の割合（%）
UI_PAY_POOL = 賞与原資
UI_PAY_POOLS_WAIT = { $count } 件の賞与原資は選択肢にありません：評価サイクルの成績がまだ公開されていません。
UI_PAY_POOL_NAME_HINT = 例：3月の賞与。
UI_PAY_POOL_TO_SPLIT_HINT = 評価サイクルが公開済みで、未支給の賞与原資だけです。
UI_PAY_POOL_UNIT_HINT = 支給対象：評価サイクルの組織またはその配下。空欄は評価サイクル全体です。
UI_PAY_POOL_WAITS = 評価サイクルのスコアが公開されると、賞与原資を精算できます。
UI_PAY_POST = 計上
UI_PAY_POSTING_ELSEWHERE = 計上権限のある人を待っています。あなたには権限がありません。
UI_PAY_POST_SAID = 計上すると変更されることはなく、賞与原資は支給済みになります。
UI_PAY_PREPARED_AT = 準備日時
UI_PAY_PUBLISHED = 公開済み
UI_PAY_QUOTA = 人数の割合（%）
UI_PAY_RATE = 為替レート
UI_PAY_RATES_SAID = 為替レートは、同じ通貨の次のレートまで有効です。以前の内容も閲覧できます。
UI_PAY_RATE_HINT = 例：7.1234。
UI_PAY_RECORD = 記録
UI_PAY_RECORDS_BEHIND = 根拠となる記録
UI_PAY_RECORDS_TRACED = { $all }件中{ $count }件の記録
UI_PAY_ROW_REFUSED = { $said }
UI_PAY_RULE_FUND_SAID = チームのために保持し、個人には支給しません。
UI_PAY_RULE_PROPORTIONAL = スコアに比例
UI_PAY_RULE_PROPORTIONAL_SAID = { $floor }を超える点数に応じて配分します。
UI_PAY_RULE_TIERS = 段階による配分
UI_PAY_RULE_TIERS_SAID = 各段階の該当者はその段階のウェイトになり、枠をウェイトで配分します。
UI_PAY_SAY_SURE = 確認のチェックを入れてください
UI_PAY_SCORE = スコア
UI_PAY_SETTLEMENT = 精算
UI_PAY_SETTLEMENT_LINES = 各人の金額
UI_PAY_SETTLEMENT_LINES_SAID = 各行から支給明細（計算手順、スコアカード、根拠となる記録）を開けます。スコアの出所：
UI_PAY_SET_RATE = 為替レートを登録
UI_PAY_SHARES_SUM = すべての枠の配分の合計が100 %ではなく{ $sum } %です
UI_PAY_SHOW_DIFFERENCE = 変更内容を表示
UI_PAY_SHOW_MORE = さらに表示
UI_PAY_SOURCE = 出所
UI_PAY_SOURCE_HINT = 例：中央銀行の毎日の基準レート。
UI_PAY_STATEMENT = 支給明細
UI_PAY_STEP_APPROVED = 承認済み
UI_PAY_STEP_DISCARDED = 破棄済み
UI_PAY_STEP_DRAFTED = 下書き済み
UI_PAY_STEP_POSTED = 計上済み
UI_PAY_STEP_PREPARED = 準備済み
UI_PAY_STEP_WAITS_APPROVAL = ほかの人の承認待ち
UI_PAY_STEP_WAITS_POSTING = 計上待ち
UI_PAY_STEP_WITHDRAWN = 取り下げ済み
UI_PAY_SUM = 合計
UI_PAY_SUM_FAILS = 賞与原資と一致しません
UI_PAY_SUM_HOLDS = 賞与原資と端数まで一致
UI_PAY_SUPERSEDED = 無効
UI_PAY_TEAM_FUND = チーム基金
UI_PAY_TIER = 段階
UI_PAY_TIER_FROM = スコア{ $score }以上
UI_PAY_TIER_QUOTA = 人数の{ $quota }
UI_PAY_TO_CARD = スコアカードへ
UI_PAY_TO_RECORDS = 記録へ
UI_PAY_TO_SETTLEMENT = 訂正される精算
UI_PAY_UNIT_HIDDEN = 閲覧できない組織
UI_PAY_UNKNOWN_STEP = このページにその手順はありません。もう一度読み込んでください
UI_PAY_WEIGHT = ウェイト
UI_PAY_WEIGHT_OF = { $sum }のうち{ $weight }
UI_PAY_WHAT_WOULD_CHANGE = 変更内容
UI_PAY_WHO = 対象者
UI_PAY_WHOLE_GROUP = グループ全体
UI_PAY_WHY = 差額の理由
UI_PAY_WITHDRAW = 取り下げ
UI_PAY_WITHDRAW_SAID = 下書きを破棄します。報酬は変わりません。
UI_PAY_WOULD_CHANGE = { $people } 人の金額が変わります：増額 { $more }、減額 { $less }。まだ何も書き込まれていません。
UI_PAY_WRITTEN_AT = 登録日時
UI_PAY_YOU = あなた
UI_PAY_YOU_HAD_A_HAND = あなたが準備または承認したため、計上はほかの人が行います（四つの目の原則）。
UI_PAY_YOU_PREPARED = あなたが準備したため、承認はほかの人が行います（四つの目の原則）。

## Console: audit

NAV_AUDIT_LOG = ログ
NAV_AUDIT_EXPORTS = 説明資料
UI_AUDIT_BY_PERSON = 人に関するもの
UI_AUDIT_BY_ACCOUNT = アカウントによるもの
UI_AUDIT_BY_THING = 対象に関するもの
UI_AUDIT_PERSON = 従業員番号または人のID
UI_AUDIT_THING = 対象
UI_AUDIT_ID = 対象のID
UI_AUDIT_FROM = 開始日
UI_AUDIT_TO = 終了日（当日を含む）
UI_AUDIT_FOUND = ログの内容
UI_AUDIT_ASK = 人、アカウント、または対象で検索してください。5つのサービスのログを、新しい順に1つの一覧で表示します。
UI_AUDIT_NOTHING = 閲覧できる範囲に、この期間の該当するログはありません。
UI_AUDIT_NO_DAY = 「{ $text }」は日付ではありません。2026-03-31のように入力してください
UI_AUDIT_NOBODY = 閲覧できる範囲に、従業員番号「{ $text }」の人はいません
UI_AUDIT_NO_ACCOUNT = 名前を閲覧できるアカウントに「{ $text }」はありません。IDを入力してください
UI_AUDIT_SILENT = これらのサービスが応答しなかったため、ログの一部が表示されていません。もう一度お試しください。
UI_AUDIT_NEWEST = 最新へ
UI_AUDIT_OLDER = 以前のログ
UI_AUDIT_WHEN = 日時
UI_AUDIT_WHO = 実行者
UI_AUDIT_WHAT = 操作
UI_AUDIT_LOG_OF = ログの所属
UI_AUDIT_NOTES = 備考
UI_AUDIT_ACTION = アクション
UI_AUDIT_METHOD = rpc
UI_AUDIT_POSITION = チェーン内の位置
UI_AUDIT_SERVICE = サービス{ $name }
UI_AUDIT_NOBODY_SIGNED_IN = 未ログイン
UI_AUDIT_EXPORTS_SAID = 全体から個々の記録まで：評価サイクルのスコアカード、各精算の明細、各支給明細と根拠となる記録。一覧は表示どおりにダウンロードできます。
UI_AUDIT_NO_MONTHS = 公開済みの評価サイクルがまだありません。
UI_AUDIT_A_CORRECTION = 訂正
UI_AUDIT_CARDS = 評価サイクルとスコアカード
UI_AUDIT_LOG_OF_IT = 関連するログ
WORD_SERVICE_IDENTITY = ID管理
WORD_SERVICE_ATTENDANCE = 勤怠
WORD_SERVICE_PERFORMANCE = 評価
WORD_SERVICE_COMPENSATION = 報酬
WORD_SERVICE_TALENT = タレント
WORD_THING_ACCOUNT = アカウント
WORD_THING_ALIAS = 別名
WORD_THING_API_KEY = APIキー
WORD_THING_ATTRIBUTION_RUN = 帰属計算
WORD_THING_BREAK_GLASS = 緊急アクセス
WORD_THING_CARD = スコアカード
WORD_THING_CATALOGUE = カタログ
WORD_THING_CLAIM = 担当申告
WORD_THING_CORRECTION = 訂正
WORD_THING_CYCLE = 評価サイクル
WORD_THING_DATA_KEY = データ鍵
WORD_THING_DELEGATION = 委任
WORD_THING_DEVICE = 端末
WORD_THING_ERASURE = 個人データの消去
WORD_THING_EVENT = イベント
WORD_THING_FINDING = 検出事項
WORD_THING_GRANT = 権限付与
WORD_THING_HANDOVER = 引き継ぎ
WORD_THING_HOLD = 法的保全
WORD_THING_MEASURE = 測定値
WORD_THING_OBSERVATION = 観測値
WORD_THING_ORG_UNIT = 組織
WORD_THING_PAY_CORRECTION = 報酬の訂正
WORD_THING_PERSON = 人
WORD_THING_POOL = 賞与原資
WORD_THING_PRINCIPAL = プリンシパル
WORD_THING_PUNCH = 打刻
WORD_THING_RATE = 為替レート
WORD_THING_RECORD = 記録
WORD_THING_REGION = リージョン
WORD_THING_REPLIES = 返信
WORD_THING_RETENTION = 保存期間
WORD_THING_ROLE = ロール
WORD_THING_ROSTER = シフト表
WORD_THING_ROW = 一覧の行
WORD_THING_SCHEDULE = 定期締め
WORD_THING_SCHEDULE_RUN = 定期締めの実行
WORD_THING_SCHEME = 評価制度
WORD_THING_SESSION = セッション
WORD_THING_SETTLEMENT = 精算
WORD_THING_SITE = 拠点
WORD_THING_SSO_PROVIDER = IDプロバイダー
WORD_THING_STATEMENT = 支給明細
WORD_THING_SUBJECT = 対象のログ
WORD_THING_TABLE = テーブル
WORD_THING_TENANT = グループ
WORD_THING_TRANSFER = リージョン間転送
WORD_DID_ATTENDANCE_ACCOUNT_READ = アカウントを閲覧しました
WORD_DID_ATTENDANCE_ACCOUNT_WRITE = アカウントを登録しました
WORD_DID_ATTENDANCE_ALIAS_READ = 別名を閲覧しました
WORD_DID_ATTENDANCE_ALIAS_WRITE = 別名を登録しました
WORD_DID_ATTENDANCE_CORRECTION_APPROVE = 訂正を承認しました
WORD_DID_ATTENDANCE_CORRECTION_MAKE = 訂正しました
WORD_DID_ATTENDANCE_CORRECTION_READ = 訂正を閲覧しました
WORD_DID_ATTENDANCE_CORRECTION_REJECT = 訂正を却下しました
WORD_DID_ATTENDANCE_CORRECTION_REQUEST = 訂正を申請しました
WORD_DID_ATTENDANCE_CORRECTION_WITHDRAW = 訂正を取り下げました
WORD_DID_ATTENDANCE_DEVICE_READ = 端末を閲覧しました
WORD_DID_ATTENDANCE_DEVICE_WRITE = 端末を登録しました
WORD_DID_ATTENDANCE_HANDOVER_IMPORT = 引き継ぎを取り込みました
WORD_DID_ATTENDANCE_HANDOVER_READ = 引き継ぎを閲覧しました
WORD_DID_ATTENDANCE_HANDOVER_RECORD = アカウントを引き継ぎました
WORD_DID_ATTENDANCE_OCCUPANCY_READ = アカウントの使用者を閲覧しました
WORD_DID_ATTENDANCE_PUNCH_IMPORT = 打刻を取り込みました
WORD_DID_ATTENDANCE_PUNCH_READ = 打刻を閲覧しました
WORD_DID_ATTENDANCE_PUNCH_RECORD = 打刻しました
WORD_DID_ATTENDANCE_ROSTER_READ = シフト表を閲覧しました
WORD_DID_ATTENDANCE_ROSTER_WRITE = シフト表を登録しました
WORD_DID_ATTENDANCE_SITE_WRITE = 拠点を登録しました
WORD_DID_COMPENSATION_CORRECTION_APPROVE = 報酬の訂正を承認しました
WORD_DID_COMPENSATION_CORRECTION_DRAFT = 報酬の訂正を下書きしました
WORD_DID_COMPENSATION_CORRECTION_WITHDRAW = 報酬の訂正を取り下げました
WORD_DID_COMPENSATION_POOL_CREATE = 賞与原資を作成しました
WORD_DID_COMPENSATION_POOL_READ = 賞与原資を閲覧しました
WORD_DID_COMPENSATION_SETTLEMENT_APPROVE = 精算を承認しました
WORD_DID_COMPENSATION_SETTLEMENT_DISCARD = 精算を破棄しました
WORD_DID_COMPENSATION_SETTLEMENT_DRAFT = 精算を下書きしました
WORD_DID_COMPENSATION_SETTLEMENT_POST = 精算を計上しました
WORD_DID_COMPENSATION_SETTLEMENT_READ = 精算を閲覧しました
WORD_DID_COMPENSATION_STATEMENT_READ = 支給明細を閲覧しました
WORD_DID_COMPENSATION_STATEMENT_READ_PAY = 報酬を閲覧しました
WORD_DID_IDENTITY_API_KEY_CREATE = APIキーを作成しました
WORD_DID_IDENTITY_API_KEY_EXCHANGE = APIキーでログインしました
WORD_DID_IDENTITY_API_KEY_REVOKE = APIキーを失効させました
WORD_DID_IDENTITY_BREAK_GLASS_END = 緊急アクセスを終了しました
WORD_DID_IDENTITY_BREAK_GLASS_OPEN = 緊急アクセスを開始しました
WORD_DID_IDENTITY_BREAK_GLASS_REFUSE = 緊急アクセスを拒否されました
WORD_DID_IDENTITY_BREAK_GLASS_REVIEW = 緊急アクセスを確認しました
WORD_DID_IDENTITY_CATALOGUE_IMPORT = カタログを取り込みました
WORD_DID_IDENTITY_DELEGATION_END = 委任を終了しました
WORD_DID_IDENTITY_DELEGATION_WRITE = 権限を委任しました
WORD_DID_IDENTITY_EMPLOYMENT_END = 在籍を終了しました
WORD_DID_IDENTITY_ENTITLEMENT_WRITE = グループのモジュールを変更しました
WORD_DID_IDENTITY_ERASURE_APPROVE = 消去を承認しました
WORD_DID_IDENTITY_ERASURE_REJECT = 消去を却下しました
WORD_DID_IDENTITY_ERASURE_REQUEST = 消去を申請しました
WORD_DID_IDENTITY_ERASURE_WITHDRAW = 消去の申請を取り下げました
WORD_DID_IDENTITY_GRANT_READ = 権限付与を閲覧しました
WORD_DID_IDENTITY_GRANT_REVOKE = 権限付与を取り消しました
WORD_DID_IDENTITY_GRANT_WRITE = ロールを付与しました
WORD_DID_IDENTITY_HOLD_LIFT = 法的保全を解除しました
WORD_DID_IDENTITY_HOLD_SET = 法的保全を設定しました
WORD_DID_IDENTITY_LOGIN_CREATE = ログインアカウントを作成しました
WORD_DID_IDENTITY_ORG_CLOSE = 組織を廃止しました
WORD_DID_IDENTITY_ORG_IMPORT = 組織を取り込みました
WORD_DID_IDENTITY_ORG_MERGE = 組織を統合しました
WORD_DID_IDENTITY_PASSWORD_CHANGE = 自分のパスワードを変更しました
WORD_DID_IDENTITY_PASSWORD_RESET = パスワードを再設定しました
WORD_DID_IDENTITY_PERSON_EXPORT = 個人データを書き出しました
WORD_DID_IDENTITY_PERSON_IMPORT = 人を取り込みました
WORD_DID_IDENTITY_PERSON_READ = 人を閲覧しました
WORD_DID_IDENTITY_PERSON_READ_PII = 個人情報を閲覧しました
WORD_DID_IDENTITY_PERSON_RECTIFY = 個人情報を修正しました
WORD_DID_IDENTITY_RATE_SET = 為替レートを登録しました
WORD_DID_IDENTITY_REPORTING_SET = レポートラインを設定しました
WORD_DID_IDENTITY_REPORTING_END = レポートラインを終了しました
WORD_DID_IDENTITY_RETENTION_SET = 保存期間を設定しました
WORD_DID_IDENTITY_ROLE_DEFINE = ロールを定義しました
WORD_DID_IDENTITY_ROLE_RETIRE = ロールを廃止しました
WORD_DID_IDENTITY_SECOND_FACTOR_BEGIN = 二要素認証の設定を開始しました
WORD_DID_IDENTITY_SECOND_FACTOR_CONFIRM = 二要素認証を確認しました
WORD_DID_IDENTITY_SECOND_FACTOR_REMOVE = 二要素認証を解除しました
WORD_DID_IDENTITY_SERVICE_ACCOUNT_CREATE = サービスアカウントを作成しました
WORD_DID_IDENTITY_SESSION_END = セッションを終了しました
WORD_DID_IDENTITY_SESSION_END_ALL = すべてのセッションを終了しました
WORD_DID_IDENTITY_SESSION_REFRESH = セッションを継続しました
WORD_DID_IDENTITY_SESSION_SIGN_IN = ログインしました
WORD_DID_IDENTITY_SSO_PUT = IDプロバイダーを登録しました
WORD_DID_IDENTITY_SSO_REMOVE = IDプロバイダーを削除しました
WORD_DID_IDENTITY_TENANT_INIT = グループを作成しました
WORD_DID_PERFORMANCE_CARD_READ = スコアカードを閲覧しました
WORD_DID_PERFORMANCE_CLAIM_MAKE = 会話の担当申告をしました
WORD_DID_PERFORMANCE_CLAIM_WITHDRAW = 担当申告を取り消しました
WORD_DID_PERFORMANCE_CREDIT_READ = 帰属を閲覧しました
WORD_DID_PERFORMANCE_CREDIT_EXPORT = 帰属を書き出しました
WORD_DID_PERFORMANCE_CYCLE_CANCEL = 評価サイクルの締め処理を中止しました
WORD_DID_PERFORMANCE_CYCLE_CLOSE = 評価サイクルの締め処理を開始しました
WORD_DID_PERFORMANCE_CYCLE_FAIL = 評価サイクルを締められませんでした
WORD_DID_PERFORMANCE_CYCLE_PROGRESS = 評価サイクルの締め処理を続けました
WORD_DID_PERFORMANCE_CYCLE_PUBLISH = 評価サイクルを公開しました
WORD_DID_PERFORMANCE_CYCLE_READ = 評価サイクルを閲覧しました
WORD_DID_PERFORMANCE_CYCLE_SCORE = 評価サイクルのスコアを計算しました
WORD_DID_PERFORMANCE_CYCLE_WRITE = 評価サイクルを登録しました
WORD_DID_PERFORMANCE_FINDING_APPLY_FIX = 検出事項の修正を適用しました
WORD_DID_PERFORMANCE_OBSERVATION_IMPORT = 観測値を取り込みました
WORD_DID_PERFORMANCE_OBSERVATION_READ = 観測値を閲覧しました
WORD_DID_PERFORMANCE_OBSERVATION_WITHDRAW = 観測値を取り消しました
WORD_DID_PERFORMANCE_RECORD_IMPORT = 記録を取り込みました
WORD_DID_PERFORMANCE_RECORD_MOVE = 記録を移動しました
WORD_DID_PERFORMANCE_RECORD_READ = 記録を閲覧しました
WORD_DID_PERFORMANCE_RECORD_WITHDRAW = 記録を取り消しました
WORD_DID_PERFORMANCE_REPLY_IMPORT = 返信を取り込みました
WORD_DID_PERFORMANCE_RUN_ATTRIBUTE = 記録の帰属を計算しました
WORD_DID_PERFORMANCE_RUN_COLLECT = 帰属計算に必要なデータを集めました
WORD_DID_PERFORMANCE_RUN_PROGRESS = 帰属計算を続けました
WORD_DID_PERFORMANCE_CLAIM_IMPORT = 担当申告を取り込みました
WORD_DID_PERFORMANCE_RUN_START = 帰属計算を開始しました
WORD_DID_PERFORMANCE_SCHEME_EXPORT = 評価制度を書き出しました
WORD_DID_PERFORMANCE_SCHEME_IMPORT = 評価制度を取り込みました
WORD_DID_PERFORMANCE_SCHEME_WITHDRAW = 評価制度の使用を停止しました
WORD_DID_PERFORMANCE_SCHEME_WRITE = 評価制度を登録しました
WORD_DID_PERFORMANCE_TRANSFER_APPROVE = リージョン間転送を承認しました
WORD_DID_PERFORMANCE_TRANSFER_PREPARE = リージョン間転送を準備しました
WORD_DID_PERFORMANCE_TRANSFER_RELEASE = リージョン間転送を実行しました
WORD_DID_SUITE_AUDIT_SEARCH = ログを検索しました
WORD_DID_SUITE_PERSON_ERASE = 個人データを消去しました
WORD_DID_SUITE_PERSON_EXPORT = 個人データを書き出しました
WORD_DID_SUITE_RETENTION_RUN = 保存期間を過ぎたデータを削除しました
WORD_DID_SUITE_TENANT_EXPORT = グループの全データを書き出しました
WORD_DID_TALENT_EVIDENCE_READ = 証拠を閲覧しました
WORD_DID_TALENT_EVIDENCE_RECORD = 証拠を記録しました
WORD_DID_TALENT_PROFILE_READ = プロファイルを閲覧しました

## Console: platform


## Console: checks and replays, holds, retention, erasure and schedules

REPLAY_ACCOUNT_FIGURES = アカウントの数値が、その帰属の合計と一致しません
REPLAY_ADJUSTMENTS_OTHER = 訂正の支給額または控除額が異なります
REPLAY_AMOUNT_OTHER = スコアまたは金額が異なります
REPLAY_CREDITED = 帰属した記録{ $records }件
REPLAY_DIGEST_OTHER = 評価サイクルのダイジェストが、その入力と結果のものではありません
REPLAY_FIGURES = 記録{ $records }件、うち誰にも帰属しないもの{ $unattributed }件。対象者への帰属{ $credited }件。スコアカード{ $people }件
REPLAY_FIGURES_OTHER = 評価サイクルの数値が、その帰属とスコアカードの合計と一致しません
REPLAY_LINE_OTHER = 金額の計算過程が異なります
REPLAY_NOT_DERIVED = 保存されていますが、入力からは導かれません
REPLAY_NOT_STORED = 入力から導かれますが、保存されていません
REPLAY_REASON_OTHER = 人と配分は同じですが、根拠が異なります
REPLAY_STATEMENT = { $amount }、スコア{ $score }
    .alone = 賞与原資の配分なし
    .adjusted = { $line }、ほかに訂正{ $adjusted }
REPLAY_SUMS = 総額{ $pool }：個人へ{ $paid }、基金へ{ $funds }。訂正{ $adjusted }。支給明細{ $people }件
REPLAY_SUMS_OTHER = 精算の合計が、その支給明細の合計と一致しません
REPLAY_SUM_OTHER = 測定値ごとの配分の合計が異なります
REPLAY_UNREADABLE = 保存された内容を読み取れません。書き込まれた内容ではありません
NAV_AUDIT_CHAIN = ログの検査
NAV_AUDIT_REPLAY = 再計算と照合
UI_CHAIN_SAID = 各サービスは、グループ内で行われたことと閲覧されたことをログに残します。ログは1件ごとに前のログとつながり、最新のログには署名があり、各行にはそれを書いたログが示されています。検査ではすべてを読み直し、途中で変更、挿入、削除されたものを見つけて示します。
UI_CHAIN_SERVICE = 対象のログ
UI_CHAIN_ALL = すべて
UI_CHAIN_CHECK = 検査
UI_CHAIN_CHECKING = ログを読み取っています
UI_CHAIN_RESULT = 検査の結果
UI_CHAIN_CHECKED = ログ{ $count }件を検査済み
UI_CHAIN_WHOLE = 異常なし
UI_CHAIN_BROKEN = 異常あり
UI_CHAIN_UNKNOWN = 不明
UI_CHAIN_HOLDS = ログ{ $entries }件と{ $rows }行は、書き込まれたときのままです。
UI_CHAIN_FAILS = ログ{ $entries }件と{ $rows }行を読み取りました。次のものが書き込まれたときと異なります（チェーンと表ごとに最初の箇所）：
UI_CHAIN_EMPTY = このログにはまだ何も書き込まれていません。
UI_CHAIN_FROM = 最初のログ
UI_CHAIN_TO = 最後のログ
UI_CHAIN_OUTSIDE = Tallyの運用担当者は、tally audit verifyを使って、別の場所に保管した署名済みヘッドとログを照合することもできます。これにより、データベース全体が古いものに戻されたことも見つかります。
UI_REPLAY_SAID = 締めた月の結果は、当時の事実と記録、およびポリシーと評価制度のバージョンから導かれます。ここではそれを再計算し、保存された内容と照合します。何も変更されません。
UI_REPLAY_WHAT = 対象の評価サイクルまたは精算
UI_REPLAY_CYCLES = 評価サイクル
UI_REPLAY_SETTLEMENTS = 精算
UI_REPLAY_RUN = 再計算して照合
UI_REPLAY_NONE = 閲覧できる締め済みの評価サイクルがまだありません。評価サイクルを締めると、ここで再計算して照合できます。
UI_REPLAY_RUNNING = 再計算しています
UI_REPLAY_RESULT = 照合の結果
UI_REPLAY_SAME = 一致
UI_REPLAY_DIFFERENT = 相違あり
UI_REPLAY_CYCLE_SAME = 帰属{ $credits }件とスコアカード{ $cards }件を再計算しました。保存された内容と100万分の1まで一致します。
UI_REPLAY_CYCLE_DIFFERENT = 帰属{ $credits }件とスコアカード{ $cards }件を再計算しました。保存された内容と{ $differing }か所で異なります。
UI_REPLAY_PAY_SAME = 支給明細{ $statements }件を再計算しました。保存された内容と端数まで一致します。
UI_REPLAY_PAY_DIFFERENT = 支給明細{ $statements }件を再計算しました。保存された内容と{ $differing }か所で異なります。
UI_REPLAY_DIGESTS = ダイジェスト
UI_REPLAY_DIGEST = 入力と結果
UI_REPLAY_DIGEST_CREDITS = 帰属
UI_REPLAY_DIGEST_INPUTS = 入力
UI_REPLAY_THEN = 当時
UI_REPLAY_NOW = 現在
UI_REPLAY_FIRST = 最初の{ $count }か所を表示しています。
UI_REPLAY_RENAMED = 結果は同じですが、ダイジェストが異なります。個人データが消去された人など、現在は別の名前になっているものがあるか、タイムゾーンデータベースのバージョンが異なります。
UI_REPLAY_WHERE = 場所
UI_REPLAY_STORED = 保存された内容
UI_REPLAY_DERIVED = 再計算した内容
UI_REPLAY_WHY = 相違点
UI_REPLAY_OF_CREDIT = { $account }の{ $record }の帰属
UI_REPLAY_OF_ACCOUNT = アカウント{ $account }
UI_REPLAY_OF_SUM = { $person }の合計
UI_REPLAY_OF_CARD = { $person }のスコアカード
UI_REPLAY_OF_CYCLE = 評価サイクル
UI_REPLAY_OF_STATEMENT = { $person }の支給明細
UI_REPLAY_OF_SETTLEMENT = 精算
UI_REPLAY_MASKED = 保存された内容と再計算した内容は、スコアカードと報酬を閲覧できる人にだけ表示されます。
UI_REPLAY_BROKE = 最後まで完了できませんでした。
WORD_DID_COMPENSATION_SETTLEMENT_REPLAY = 精算を再計算して照合しました
WORD_DID_PERFORMANCE_CYCLE_REPLAY = 評価サイクルを再計算して照合しました
WORD_DID_SUITE_AUDIT_VERIFY = ログを検査しました
NAV_SCHEDULES = 定期締め
NAV_HOLDS = 法的保全
NAV_RETENTION = 保存期間
NAV_ERASURES = 個人データの消去
UI_HOLD_ON = 保全の対象
UI_HOLD_BY = 設定者
UI_HOLD_STANDS = 有効
UI_HOLD_LIFTED = { $at }に解除：{ $reason }
UI_NO_HOLDS = 法的保全はありません。
UI_NEW_HOLD = 法的保全を設定
UI_HOLDS_SAID = 法的保全の対象は、どのサービスでも消去されず、保存期間を過ぎても削除されません。
UI_HOLD_ALL_HINT = グループ全体を保全する場合は空欄にします。
UI_LIFT_HOLD = 法的保全を解除
UI_LIFT_SAID = { $of }は法的保全の対象です（{ $reason }）。解除すると、保存期間を過ぎたデータが完全に削除される可能性があります。
UI_NAME_NOBODY = 案件番号など。人の名前は書かないでください。ここは個人データより長く保存されます。
UI_MONTHS_KEPT = 保存する月数
UI_MONTHS_BOUNDS = 設定できる範囲
UI_MONTHS_WITHIN = { $least }～{ $most }（設定がない場合は{ $usual }）
UI_COUNTED_FROM = 起算日
UI_WHY_KEPT = 保存する理由
UI_RETENTION_SAID = 各サービスでのデータの種類ごとの保存期間です。期間を過ぎたデータは、運用担当者が実行するクリーンアップで削除されます。
UI_RETENTION_SHORTER = 月数を短くすると、その時点で期間を過ぎているデータは次回のクリーンアップで完全に削除されます。
UI_NUMBER_WANTED = 整数を入力してください。
UI_ERASURE_WAITS = 承認待ち
UI_ERASURE_UNDER_WAY = 処理中
UI_ERASURE_COMPLETED = すべて消去済み
UI_ERASURE_DROPPED = 取りやめ
UI_WHY_DROPPED = 取りやめの理由
UI_NO_ERASURES = 消去の申請はまだありません。
UI_NEW_ERASURE = 消去を申請
UI_ERASURES_SAID = 退職した人の個人データは、1人が申請し、別の人が承認すると消去されます。ほかの人の報酬の基になる結果は、名前を除いて残ります。
UI_APPROVE_ERASURE = 承認して消去
UI_APPROVE_ERASURE_SAID = { $name }の個人データをすべてのサービスで消去します。この操作は元に戻せません。
UI_REJECT_ERASURE = 却下
UI_WITHDRAW_ERASURE = 取り下げ
UI_WHAT_SERVICES_DID = 各サービスの処理状況
UI_ROWS_ERASED = 消去した行数
UI_NEXT_CLOSING = 次回の締め
UI_LAST_RUN_FAILED = 前回の実行は失敗
UI_RUNS_BY_ITSELF = 自動実行
UI_NO_SCHEDULES = 定期締めはまだありません。
UI_SCHEDULES_SAID = 自動で締める月の設定です。公開は自動では行われません。定期締めはrpcで作成します（CreateSchedule）。
UI_CLOSES = 締める日時
UI_CLOSES_ON = 翌月{ $day }日 { $time }（{ $zone }）
UI_LOOKS_FIRST = 事前確認あり
UI_WAITS_MINUTES = 停止しない限り{ $minutes }分後に締めます
UI_WAS_DUE = 予定日時
UI_GOES_ON = 再開日時
UI_STOP_RUN = この実行を停止
UI_BEGIN_MONTH = 月を手動で開始
UI_BEGIN_SAID = すでに終わっていて、開始されていない月、または実行が失敗もしくは停止した月に使います。
UI_MONTH = 月
UI_MONTH_HINT = 例：2026-03
UI_SCHEDULE_RUNS = 実行
UI_NO_RUN_YET = まだ実行がありません。
WORD_SCHEDULE_RUN_STATE_LOOKING = 事前確認中
WORD_SCHEDULE_RUN_STATE_WAITING = 締め待ち
WORD_SCHEDULE_RUN_STATE_CLOSING = 締め処理中
WORD_SCHEDULE_RUN_STATE_DONE = 締め済み
WORD_SCHEDULE_RUN_STATE_FAILED = 失敗
WORD_SCHEDULE_RUN_STATE_STOPPED = 停止済み
DONE_HOLD_SET = 法的保全を設定しました。
DONE_HOLD_LIFTED = 法的保全を解除しました。
DONE_RETENTION_SET = 保存する月数を保存しました。
DONE_ERASURE_ASKED = 申請しました。ほかの人が承認します。
DONE_ERASURE_APPROVED = 承認しました。各サービスで消去しています。
DONE_ERASURE_REJECTED = 却下しました。
DONE_ERASURE_WITHDRAWN = 取り下げました。
DONE_SCHEDULE_RUN_STOPPED = 実行を停止しました。
DONE_SCHEDULE_RUN_BEGUN = 月を開始しました。
