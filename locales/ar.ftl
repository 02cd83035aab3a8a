### رسائل Tally بالعربية الفصحى. المعرّفات والوسائط هي نفسها في en.ftl؛ لكل لغة ملف واحد.


## Parts

LIST_SEPARATOR = { "؛ " }
REFUSED_BECAUSE = { $kind } ({ $told })
KIND_INVALID_ARGUMENT = الطلب غير صحيح: عدّله
KIND_NOT_FOUND = لا يوجد هناك شيء يحق لك الاطلاع عليه
KIND_ALREADY_EXISTS = هذا موجود بالفعل
KIND_ABORTED = غيّره شخص آخر: اقرأ البيانات من جديد
KIND_FAILED_PRECONDITION = حالته الحالية لا تسمح بذلك
KIND_PERMISSION_DENIED = لا يحق لك القيام بذلك
KIND_UNAUTHENTICATED = سجّل الدخول أولًا
KIND_RESOURCE_EXHAUSTED = الطلبات كثيرة دفعة واحدة: أعد المحاولة بعد قليل
KIND_UNAVAILABLE = الخدمة غير متاحة: أعد المحاولة بعد قليل
KIND_DEADLINE_EXCEEDED = استغرق التنفيذ وقتًا أطول من اللازم
KIND_CANCELLED = أُلغي الاستدعاء
KIND_UNIMPLEMENTED = لا أحد ينفّذ هذا في ذلك العنوان

## Kinds of things

RESOURCE_ACCOUNT = حساب
RESOURCE_ALIAS = لقب
RESOURCE_API_KEY = مفتاح API
RESOURCE_CARD_OF_PERSON = بطاقة تقييم الموظف
RESOURCE_COMPONENT = مؤشر
RESOURCE_CORRECTION = تصحيح
RESOURCE_CYCLE = دورة تقييم
RESOURCE_DEVICE = جهاز
RESOURCE_DELEGATION = تفويض
RESOURCE_EMERGENCY = وصول طارئ
RESOURCE_EMPLOYMENT = توظيف
RESOURCE_ERASURE = محو بيانات
RESOURCE_FINDING = ملاحظة
RESOURCE_GRANT = دور ممنوح
RESOURCE_HANDOVER = انتقال عهدة
RESOURCE_HOLD = حظر حذف
RESOURCE_LEAVE = إجازة
RESOURCE_LOGIN = حساب دخول
RESOURCE_ATTRIBUTION_RUN = عملية إسناد
RESOURCE_ORG_UNIT = وحدة تنظيمية
RESOURCE_PAGE = صفحة
RESOURCE_PERSON = موظف
RESOURCE_POOL = صندوق مكافآت
RESOURCE_POSITION = منصب
RESOURCE_PRINCIPAL = هوية
RESOURCE_PROFILE_OF_PERSON = ملف الموظف
RESOURCE_PROVIDER = موفّر دخول موحّد
RESOURCE_PUNCH = تسجيل دوام
RESOURCE_RECORD = سجل
RESOURCE_MEASURE = مقياس
RESOURCE_CLAIM = مطالبة
RESOURCE_OBSERVATION = رصد
RESOURCE_REPORTING_LINE = خط إشراف
RESOURCE_SCHEDULE = جدولة
RESOURCE_ROLE = دور
RESOURCE_RUN_OF_A_SCHEDULE = تشغيل مجدول
RESOURCE_SCHEME = خطة تقييم
RESOURCE_SCHEME_VERSION = إصدار خطة تقييم
RESOURCE_SERVICE_ACCOUNT = حساب خدمة
RESOURCE_SESSION = جلسة
RESOURCE_SETTLEMENT = تسوية
RESOURCE_SHIFT = مناوبة
RESOURCE_STATEMENT_OF_PERSON = كشف مستحقات الموظف
RESOURCE_TRANSFER = نقل بين المناطق
RESOURCE_UPLOAD = الرفع

## Every service

INTERNAL = حدث خطأ من جانبنا؛ التفاصيل في سجل النظام لدى المشغّل
INTERNAL_DETAILS = تفاصيل لمن يبحث في الأمر: { $details }
NOT_FOUND = لا يوجد ما يحق لك الاطلاع عليه: { $resource } { $id }
    .unit_on = لا توجد وحدة تنظيمية { $id } يحق لك الاطلاع عليها في { $day }، وهو اليوم المعتمد: إما أنها أُغلقت قبله أو تبدأ بعده أو لم توجد قط (يعرض ListOrgUnits مع as_of الوحدات الموجودة)
    .goes_on = أُغلقت الوحدة التنظيمية { $id } قبل { $day }، وهو اليوم المعتمد، وانتقل موظفوها إلى { $into }: اذكر هذه الوحدة
    .id_number = لا يوجد موظف بهذا الرقم التعريفي يحق لك الاطلاع عليه
    .removed = { $missing }؛ إن كان ذلك قبل { $day } فربما حُذف لانتهاء مدة الاحتفاظ
INVALID_REQUEST =
    { $count ->
        [zero] في الطلب { $count } حقل غير صحيح؛ أسماؤها مذكورة في التفاصيل
        [one] في الطلب حقل واحد غير صحيح؛ اسمه مذكور في التفاصيل
        [two] في الطلب حقلان غير صحيحين؛ اسماهما مذكوران في التفاصيل
        [few] في الطلب { $count } حقول غير صحيحة؛ أسماؤها مذكورة في التفاصيل
        [many] في الطلب { $count } حقلًا غير صحيح؛ أسماؤها مذكورة في التفاصيل
       *[other] في الطلب { $count } حقل غير صحيح؛ أسماؤها مذكورة في التفاصيل
    }
INVALID_FIELD = { $field }: { $problem }
LIST_EMPTY = يلزم عنصر واحد على الأقل
NAME_ONE_OF = اذكر واحدًا فقط من { $fields }
CHANGE_MISSING = اذكر ما المطلوب تغييره
DATE_EXPECTED = المتوقع تاريخ: YYYY-MM-DD
    .month = المتوقع شهر: YYYY-MM
TEXT_EMPTY = يجب ألا يكون فارغًا
TEXT_TOO_LONG =
    الحد الأقصى { $max ->
        [zero] { $max } حرف
        [one] حرف واحد
        [two] حرفان
        [few] { $max } أحرف
        [many] { $max } حرفًا
       *[other] { $max } حرف
    }
ID_MALFORMED = المتوقع معرّف UUID
DATE_MALFORMED = { $field }: اكتب YYYY-MM-DD
    .text = «{ $text }» ليس تاريخًا: اكتب YYYY-MM-DD
DATES_BACKWARDS = { $last } أسبق من { $first }
INSTANT_INVALID = المتوقع لحظة زمنية بين العامين 1 و9999
TEXT_UNUSABLE =
    { $field }: من حرف واحد إلى { $max ->
        [zero] { $max } حرف
        [one] حرف واحد
        [two] حرفين
        [few] { $max } أحرف
        [many] { $max } حرفًا
       *[other] { $max } حرف
    }
ROWS_TOO_MANY = الحد الأقصى للصفوف في الاستدعاء الواحد { $max }، وعددها هنا { $count }: أرسل عدة استدعاءات
ROWS_MISSING = لا يوجد أي صف: أرسل صفًا واحدًا على الأقل
NOTHING_CHANGES = هو كذلك بالفعل
    .fix = صُحّح هذا من قبل، والملاحظة سابقة على التصحيح: أغلق الدورة من جديد (CloseCycle، أو CorrectCycle إن كانت منشورة) أو ابدأ عملية إسناد أخرى، ثم انظر في ملاحظاتها
PAGE_TOKEN_INVALID = رمز الصفحة لا يخص هذه القائمة: ابدأ من جديد بدونه

## Numbers, money, time

DECIMAL_MALFORMED = «{ $text }» ليس عددًا عشريًا بست خانات على الأكثر بعد النقطة
SHARE_OUT_OF_RANGE = الحصة من 0 إلى 1000000 جزء من المليون، لا { $ppm }
CURRENCY_UNKNOWN = «{ $text }» ليس رمز عملة ساريًا في ISO 4217: اكتب ثلاثة أحرف لاتينية كبيرة مثل CNY
AMOUNT_MALFORMED = «{ $text }» ليس مبلغًا: اكتب أرقامًا مع نقطة واحدة على الأكثر، مثل 1234.50، بلا فواصل ولا رموز عملات
AMOUNT_TOO_FINE = «{ $text }» أدق مما تسمح به العملة { $currency }: أقصى عدد للأرقام بعد النقطة { $digits }
AMOUNT_TOO_LARGE = المبلغ أكبر من اللازم
CURRENCY_MISMATCH = لا يمكن جمع { $one } و{ $other }: حوّل إحداهما أولًا
    .pool = صندوق المكافآت بعملة { $pool } وبقية المبالغ بعملة { $other }: للتسوية الواحدة عملة واحدة
RATE_MALFORMED = «{ $text }» ليس سعر صرف: اكتب أرقامًا مع نقطة واحدة على الأكثر، مثل 7.1234، بحد أقصى 12 رقمًا بعدها و18 رقمًا إجمالًا
RATE_NOT_POSITIVE = سعر الصرف أكبر من 0: اكتب كم تساوي الوحدة من العملة الأولى بالعملة الثانية
RATE_MISSING = لا يُعرف سعر صرف من { $from } إلى { $to } في { $day }: سجّل عبر SetRates سعرًا يسري من ذلك اليوم أو قبله، ثم أعد المحاولة
SPLIT_WITHOUT_PEOPLE = لا يوجد من يُقسَّم عليه
SPLIT_WITHOUT_WEIGHT = كل الأوزان صفر، فلا أساس للتقسيم
SPLIT_DUPLICATE_ID = أحد المعرّفات مذكور مرتين
SPLIT_WEIGHTS_TOO_LARGE = الأوزان أكبر من أن تُحسب بدقة: اقسمها كلها على عامل مشترك
ZONE_UNKNOWN = «{ $zone }» ليست منطقة زمنية في IANA: اكتب اسمًا مثل Asia/Shanghai
TIME_MALFORMED = «{ $text }» ليس وقتًا: اكتب 2026-03-02T08:00:00+08:00، أو 2026-03-02 08:00:00 للتوقيت المحلي
TIME_IN_GAP = الوقت { $local } غير موجود في { $zone }: قُدّمت الساعة فتجاوزته
TIME_OUT_OF_RANGE = التاريخ خارج النطاق
PERIOD_BACKWARDS = تنتهي الفترة في { $to }، قبل أن تبدأ في { $from }

## Sign-in

TOKEN_MISSING = سجّل الدخول أولًا: لم يُرسل رمز وصول (bearer)
UNAUTHENTICATED = سجّل الدخول أولًا
TOKEN_INVALID = رمز الوصول غير صالح هنا: سجّل الدخول من جديد
TOKEN_EXPIRED = انتهت صلاحية رمز الوصول: سجّل الدخول من جديد
KEY_NOT_KNOWN_YET = مفتاح هذا الرمز غير معروف هنا بعد: أعد المحاولة بعد قليل
CLOCKS_DIFFER = ساعات أجزاء النظام مختلفة: أعد المحاولة بعد قليل
TOKEN_OF_ANOTHER_REGION = أصدرت هذا الرمز منظومة منطقة أخرى: سجّل الدخول هنا
SESSION_ENDED = انتهت هذه الجلسة: سجّل الدخول من جديد
SIGN_IN_REFUSED = الاسم أو كلمة المرور أو الرمز غير صحيح؛ بعد خمس محاولات خاطئة انتظر حتى 15 دقيقة
SECOND_FACTOR_NEEDED = أرسل الرمز الذي يعرضه تطبيق المصادقة، أو رمز استرداد
SECOND_FACTOR_WRONG = الرمز غير صحيح أو سبق استخدامه: انتظر الرمز التالي، وتأكد من ضبط الساعة
PASSWORD_MUST_CHANGE = كلمة المرور هذه كانت لدخول واحد: أرسل معها كلمة جديدة في الحقل new_password
PASSWORD_WEAK = كلمة المرور سهلة التخمين: اختر أربع كلمات لا صلة بينها
    .why = كلمة المرور سهلة التخمين ({ $why }): اختر أربع كلمات لا صلة بينها
WEAK_BY_KEYBOARD = المفاتيح المتجاورة أول ما يُخمَّن
WEAK_BY_REPEATS = التكرار لا يكاد يزيدها صعوبة
WEAK_BY_FAME = هذه من أكثر كلمات المرور شيوعًا أو تشبهها
WEAK_BY_SEQUENCE = التسلسلات مثل abc أو 6543 أول ما يُخمَّن
WEAK_BY_DATE = السنوات والتواريخ أول ما يُخمَّن
WEAK_BY_WORD = الكلمة الواحدة أو الاسم الواحد أول ما يُخمَّن
PASSWORD_UNUSABLE = من 12 إلى 256 حرفًا
LOGIN_MALFORMED = من 2 إلى 100 من الأحرف والأرقام والعلامات . _ - @ +
LOGIN_TAKEN = اسم الدخول هذا مستخدم
PERSON_HAS_LOGIN = لهذا الموظف حساب دخول بالفعل: لكل موظف حساب واحد
REFRESH_REFUSED = لا توجد جلسة كهذه أو أنها انتهت: سجّل الدخول من جديد
REFRESH_REUSED = سبق استخدام رمز التجديد هذا، فأُنهيت جلسته حفاظًا على الأمان: سجّل الدخول من جديد
NO_PASSWORD = هذه الهوية تسجّل الدخول بلا كلمة مرور
RESET_ONESELF = يغيّر المرء كلمة مروره باستخدام القديمة: ChangePassword
LOGIN_HOLDS_MORE = لحساب الدخول هذا صلاحية { $permission } التي لا يمكنك منحها: اطلب ذلك ممن يمكنه
SECOND_FACTOR_ALREADY_EXISTS = يوجد عامل ثانٍ بالفعل: أزله أولًا
SECOND_FACTOR_MISSING = لا يوجد عامل ثانٍ: ابدأ بـ EnrollTotp
API_KEY_REFUSED = لا يوجد مفتاح كهذا أو أنه انتهى: أنشئ مفتاحًا جديدًا
TOO_MANY_KEYS =
    { $max ->
        [zero] للحساب { $max } مفتاح سارٍ على الأكثر
        [one] للحساب مفتاح سارٍ واحد على الأكثر
        [two] للحساب مفتاحان ساريان على الأكثر
        [few] للحساب { $max } مفاتيح سارية على الأكثر
        [many] للحساب { $max } مفتاحًا ساريًا على الأكثر
       *[other] للحساب { $max } مفتاح سارٍ على الأكثر
    }: ألغِ أحدها أولًا
KEY_LIFE_UNUSABLE =
    expires_at: لحظة في المستقبل، خلال { $days ->
        [zero] { $days } يوم على الأكثر
        [one] يوم واحد على الأكثر
        [two] يومين على الأكثر
        [few] { $days } أيام على الأكثر
        [many] { $days } يومًا على الأكثر
       *[other] { $days } يوم على الأكثر
    }
PROVIDER_UNKNOWN = لا يوجد موفّر دخول موحّد بهذا الاسم
PROVIDER_MALFORMED = من 2 إلى 50 من a-z و0-9 و -
PROVIDER_NAME_TAKEN = لدى مجموعة أخرى موفّر بهذا الاسم: اختر اسمًا آخر
ADDRESS_MALFORMED = عنوان يبدأ بـ https:// (أو http:// على الواجهة المحلية)، بلا # وبلا اسم مستخدم
SSO_PROVIDER_AWAY = تعذّر سؤال موفّر الدخول الموحّد، أو أن رده غير مفهوم: أعد المحاولة بعد قليل
SSO_STATE_REFUSED = انتهى تسجيل الدخول هذا أو بدأ في مكان آخر: ابدأ من جديد
SSO_REFUSED = لم تُقبل إفادة موفّر الدخول الموحّد: ابدأ من جديد
SSO_LOGIN_UNKNOWN = موفّر الدخول الموحّد يعرفك، لكن ليس لك حساب دخول هنا: اطلب حسابًا من مسؤول النظام
EMPLOYMENT_ENDED = لست موظفًا اليوم: راجع من يدير شؤون موظفي المجموعة
MODULE_NOT_ENTITLED = ليست لدى المجموعة الوحدة البرمجية { $module }: راجع مشغّل النظام
TENANT_SUSPENDED = المجموعة موقوفة: يمكن لمشغّلها إعادة تفعيلها
REGION_NOT_SERVED = بيانات المنطقة { $region } محفوظة في منظومة تلك المنطقة: أرسل الاستدعاء إليها (هذه تخدم { $served })
    .file = الملف موجّه إلى المنطقة { $region }: استورده هناك
FIELD_NOT_READABLE = { $field }: البحث عن شخص بهذا الحقل يتطلب الصلاحية { $permission }، ولا يمنحك إياها أي من أدوارك
PERMISSION_DENIED = لا يحق لك القيام بذلك: اطلب دورًا يتيحه
    .at_all = لا يمنحك أي من أدوارك الصلاحية { $permission }
    .here = تمنحك أدوارك الصلاحية { $permission }، لكن ليس هنا
    .group = تمنحك أدوارك الصلاحية { $permission } على وحدات، وما لا يذكر وحدة فهو للمجموعة كلها: اذكر وحدة من وحداتك إن كان الاستدعاء يقبلها، وإلا فاطلب دورًا على مستوى المجموعة
    .signed_in = هذا لمن سجّلوا الدخول
    .other_group = لا تطلب الخدمة إلا بيانات المجموعة التي تعمل فيها
FOUR_EYES_REQUIRED = يجب أن يقوم بهذا شخص آخر: من شارك في خطوة سابقة، ولو بتفويض الصلاحية أو بتلقيها مفوّضة، لا يمكنه القيام بهذه الخطوة

## The group, its units and its people

INITIALISED_ALREADY = في هذا المخزن مجموعة بالفعل: سجّل الدخول، أو ابدأ بمخزن فارغ، أو أحضر دعوة
    .invited = استُخدمت هذه الدعوة من قبل، ومجموعتها موجودة: سجّل الدخول إلى تلك المجموعة، أو اطلب من المشغّل دعوة أخرى
INVITATION_INVALID = الدعوة ليست من هذه المنظومة أو ليست كاملة: اطلب دعوة أخرى من مشغّلها
INVITATION_EXPIRED = انتهت صلاحية الدعوة: اطلب من المشغّل دعوة أخرى
INVITED_ANOTHER = الدعوة لمجموعة ذات معرّف آخر
REGION_ALREADY_EXISTS = لدى المجموعة المنطقة { $region } بالفعل
REGION_MALFORMED = اسم المنطقة من 1 إلى 32 من a-z و0-9 و -، مثل cn-north
REGION_UNUSABLE = من 1 إلى 32 من a-z و0-9 و -، كل منطقة مرة واحدة
REGION_IS_GLOBAL = المطلوب منطقة، لا المجموعة كلها
REGION_MISSING = للمجموعة عدة مناطق: اذكر منطقة الفرع
    .from = تخدم هذه المنظومة عدة مناطق من المجموعة: اذكر في from_region المنطقة التي يغادرها الملف
    .switch = تخدم هذه المنظومة عدة مناطق من المجموعة: اذكر المنطقة التي يغادرها الملف باستخدام --from REGION
REGION_UNKNOWN = ليست لدى المجموعة منطقة «{ $region }»
REGION_DIFFERS = الفرع في { $region }، والبيانات لا تنتقل بين المناطق
REGION_CROSSED = الوحدات في مناطق مختلفة، والبيانات لا تنتقل بين المناطق
    .person = الوحدة في منطقة أخرى، والبيانات لا تنتقل بين المناطق: أنهِ التوظيف هنا، ووظّف الموظف هناك برقم من تلك المنطقة
    .manager = ينتمي المدير إلى منطقة أخرى، ولا يحق لأهلها قراءة بيانات هذه المنطقة
SUSPENDED_ALREADY = المجموعة موقوفة بالفعل
SUSPENDED_TOO_SHORT = تُحذف المجموعة بعد 30 يومًا من إيقافها، لا قبل { $from }
NOT_SUSPENDED = المجموعة قيد الاستخدام
NAME_DIFFERS = اكتب اسم المجموعة حرفًا بحرف، حتى تكون هي المقصودة
TENANT_DELETED = حُذفت المجموعة
MODULE_UNKNOWN = «{ $name }» ليست وحدة برمجية: الموجود { $known }
PSEUDONYM_ALREADY_EXISTS = للموظف اسم مستعار آخر: يبقى كما هو
PSEUDONYM_TAKEN = لشخص آخر هنا هذا الاسم المستعار: انظر لمن هو
DIRECTORY_OLDER = سبق استيراد دليل أحدث لهذه المنطقة
UNIT_PATH_MALFORMED = من 1 إلى 16 اسمًا تفصل بينها /، كل منها من 1 إلى 200 حرف
UNIT_NAME_MALFORMED = من 1 إلى 200 حرف، بلا /
UNIT_UNKNOWN = لا توجد وحدة «{ $path }»: استوردها أولًا
    .was = لا توجد وحدة باسم «{ $path }» في { $day }، فقد غُيّر اسمها أو نُقلت أو أُغلقت: اكتب المسار الذي لها في ذلك اليوم
UNIT_DIFFERS =
    الوحدة موجودة بنوع آخر، وهو { $kind ->
        [legal_entity] كيان قانوني
        [branch] فرع
        [department] قسم
        [team] فريق
       *[group] مجموعة
    }
UNIT_KIND_IS_ROOTS = الجذر وحده هو المجموعة
UNIT_KIND_UNKNOWN = لا يوجد نوع وحدة كهذا: فرع أو كيان قانوني أو قسم أو فريق، أو اتركه فارغًا للنوع المعتاد
UNIT_BEGINS_LATER = تبدأ الوحدة أو وحدة أعلى منها في { $day }: اذكر تاريخًا من ذلك اليوم فصاعدًا
    .hired_on = تبدأ «{ $path }» في { $day }، بعد hired_on
UNIT_CLOSES = تُغلق الوحدة { $unit } في { $day }: اختر وحدة أخرى أو أيامًا أخرى
    .into = تُغلق الوحدة { $unit } في { $day }، وينتقل موظفوها إلى { $into }: اختر هذه الوحدة أو أيامًا أخرى
UNIT_HAD_NAME = كانت هناك وحدة باسم «{ $name }» حتى { $day }، ولها الآن اسم أو مكان آخر: اكتب مسارها الحالي (ListOrgUnits)، أو اذكر نوعها (kind) إن كانت وحدة جديدة بالاسم القديم
ROOT_STAYS = الجذر هو المجموعة: يبقى كما هو
ORG_CYCLE = الوحدة الأم الجديدة تقع تحت هذه الوحدة، الآن أو بعد نقل مخطط له
ORG_TOO_DEEP = ستصبح الشجرة أعمق من { $max } من المستويات، الآن أو بعد نقل مخطط له
UNIT_NAME_TAKEN = لدى الوحدة الأم وحدة «{ $name }» في تلك الأيام
UNIT_CHANGE_PLANNED = للوحدة تغيير في { $day }: اذكر ذلك اليوم أو يومًا بعده
UNIT_CHANGE_BACKDATED = { $from } يسبق الشهر الجاري: من كانت الوحدة تابعة له لن يرى أيامها منذ ذلك التاريخ، ومنها أشهر مغلقة ومدفوعة، بينما سيراها من تنتقل إليه. اذكر { $first } أو يومًا بعده، أو استخدم backdated إن كان الأمر كذلك فعلًا منذ ذلك الحين
UNIT_HAS_CHILDREN = الوحدة «{ $name }» تابعة لها حينئذ: انقلها أو أغلقها أولًا، أو ادمج الوحدة
UNIT_HAS_PEOPLE =
    { $count ->
        [zero] في الوحدة حينئذ { $count } توظيف: اذكر في move_people_to إلى أين تنتقل
        [one] في الوحدة حينئذ توظيف واحد: اذكر في move_people_to إلى أين ينتقل
        [two] في الوحدة حينئذ توظيفان: اذكر في move_people_to إلى أين ينتقلان
        [few] في الوحدة حينئذ { $count } توظيفات: اذكر في move_people_to إلى أين تنتقل
        [many] في الوحدة حينئذ { $count } توظيفًا: اذكر في move_people_to إلى أين تنتقل
       *[other] في الوحدة حينئذ { $count } توظيف: اذكر في move_people_to إلى أين تنتقل
    }
MERGED_INTO_ITSELF = اذكر وحدة أو أكثر للدمج، كلًا منها مرة واحدة، ووحدة أخرى تبقى
PEOPLE_TO_NOWHERE = يجب أن تكون الوحدة التي ينتقل إليها الموظفون فرعًا أو دونه وألا تُغلق في ذلك اليوم
UNIT_HAS_NO_REGION = ينتمي الموظفون إلى فرع أو ما دونه، لا إلى المجموعة نفسها
PERSON_DIFFERS = هذا الرقم الوظيفي موجود بقيمة أخرى للحقل { $field }
EARLIER_ROW_REFUSED = رُفض صف سابق بهذا الرقم، وهذا الصف تكملة له: صحّح السابق ثم أرسل الصفين معًا
PERSON_OUT_OF_REACH = الوحدة خارج ما يحق لك الكتابة فيه، اليوم أو في يوم منذ أول الأيام: احذف الصف، أو اطلب إرساله ممن يحق له ذلك في كل الوحدات المعنية
EMPLOYMENT_OVERLAPS = توظيف الموظف من { $day } يغطي بعض هذه الأيام: أنهِه أولًا
NOT_EMPLOYED = الموظف غير معيّن في { $day }
MANAGER_NOT_EMPLOYED = المدير غير معيّن في { $day }: اختر غيره
ENDS_ALREADY = ينتهي التوظيف في { $day } أصلًا
    .line = ينتهي خط الإشراف في { $day } أصلًا
EMPLOYMENT_KIND_UNKNOWN = «{ $text }» ليس نوع توظيف: استخدم full_time أو part_time أو fixed_term أو intern أو agency أو outsourced أو freelance
NOT_IN_CATALOGUE = { $field }: لا يوجد «{ $code }» في فهرس المجموعة في { $day }: استورده أولًا أو اختر غيره
EMPLOYMENT_CHANGE_PLANNED = للتوظيف تغيير في { $day }: اذكر ذلك اليوم أو يومًا بعده، أو ألغِ التغيير
NOTHING_PLANNED = ليس للتوظيف تغيير في { $day } يمكن إلغاؤه بعد
HOME_ENDS = هذا هو التوظيف الأساسي، وينهيه EndEmployment مع كل المهام الإضافية
START_TOO_LATE = شيء منه أو مرتبط به يقع في { $day }، قبل هذا اليوم الأول: صحّح ذلك أولًا
OUTLASTS_HOME = ينتهي التوظيف الأساسي في { $day }: المهام الإضافية والإجازات تنتهي معه على أبعد تقدير
LEAVE_OVERLAPS = إجازة الموظف من { $day } تغطي بعض هذه الأيام: أنهِها أولًا
POST_KIND_MISSING = concurrent أو secondment: التوظيف الأساسي يكون بالتعيين أو النقل أو إعادة التعيين
EMPLOYEE_NO_TAKEN = هذا الرقم الوظيفي لشخص آخر
ID_NUMBER_TAKEN = هذا الرقم لشخص آخر في هذه المنطقة
ID_NUMBER_INVALID = الرقم التعريفي من 1 إلى 64 حرفًا بلا أحرف تحكم
ID_NUMBER_CHECKSUM = الخانة الأخيرة من رقم هوية المقيم هذا لا تتفق مع سائر الخانات: راجع البطاقة
LINE_KIND_MISSING = solid أو dotted
REPORTING_CYCLE = في { $day } المدير نفسه تابع لهذا الموظف، مباشرة أو عبر آخرين
LINE_CHANGE_PLANNED = يبدأ خط إشراف مباشر آخر في { $day }: أنهِه، أو اذكر يومًا أخيرًا قبله
LINE_THERE_ALREADY = خط الإشراف { $id } يقول ذلك في بعض هذه الأيام
RATE_OF_ITSELF = العملة تساوي نفسها دائمًا: اذكر عملة أخرى
SUPERSEDED_AND_KNOWN_AT = اطلب إما ما كان معروفًا في لحظة ما أو كل ما قيل على الإطلاق
KIND_MISSING = اذكر هل هو منصب أم مرتبة وظيفية
RANK_UNUSABLE = للمرتبة الوظيفية رتبة تبدأ من 1، ولا رتبة للمنصب
ENTRY_CHANGE_PLANNED = للرمز مدخلة تبدأ من { $day }: أنهِ قبل ذلك اليوم أو ابدأ فيه

## Access

HOURS_MALFORMED = الساعات وقتان مختلفان، مثل 08:00-20:00
SCOPE_MALFORMED = self و reports و tenant لا تذكر شيئًا؛ و unit و subtree و legal_entity تذكر وحدة؛ و region تذكر منطقة
REACH_MISSING = اذكر مدى شموله
PERMISSION_UNKNOWN = «{ $text }» ليست من صلاحيات هذا الإصدار
ROLE_UNKNOWN = لا يوجد دور باسم «{ $role }»
    .own = ليس للمجموعة دور خاص بها باسم «{ $role }»
SCOPE_NOT_FOR_ROLE = لا يُمنح الدور { $role } على النطاق { $scope }
NOT_A_LEGAL_ENTITY = { $unit } ليست كيانًا قانونيًا
NO_PERSON = حساب الدخول هذا لا يخص أي موظف: اذكر وحدة أو منطقة
    .punching = تسجيل الدوام وانتقال عهدة الحسابات للموظفين وحدهم: سجّل الدخول بحساب يخص موظفًا
    .claiming = المطالبة بالمحادثات للموظفين وحدهم: سجّل الدخول بحساب يخص موظفًا
DUTIES_SEPARATED = لا أحد يجمع بين { $a } و{ $b }: امنحها لشخص آخر
    .role = لا دور يجمع بين { $a } و{ $b }: اجعله دورين
    .holder = لدى { $principal } هذا الدور وسيجمع بين { $a } و{ $b }: اسحب أحد الدورين الممنوحين أولًا
    .delegated = لا أحد يجمع بين { $a } و{ $b } ولو ليوم واحد: فوّضها إلى شخص آخر
GRANTED_ALREADY = الدور الممنوح { $id } يمنح هذا في تلك الأيام
GRANT_NOT_HELD = لا يمنحك أي من أدوارك الصلاحية { $permission } هناك، فلا يمكنك تمريرها
GRANT_TO_ONESELF = لا يمنح أحد نفسه ما لا يملكه: اطلب من مسؤول آخر
    .role = لديك هذا الدور ولا تملك الصلاحية { $permission }: اطلب من مسؤول آخر
REVOKED_ALREADY = سُحب هذا الدور من قبل
PRINCIPAL_OR_LOGIN = اذكر الهوية أو حساب الدخول، أحدهما فقط
LAST_ADMINISTRATOR = عندئذ لن يستطيع أحد منح الأدوار: امنح group_admin لشخص آخر أولًا
ROLE_NAME_MALFORMED = من 2 إلى 64 من a-z و0-9 و _
ROLE_NAME_RESERVED = هذا اسم دور جاهز أو خدمة: اختر اسمًا آخر
ROLE_EMPTY = اذكر صلاحية واحدة ونطاقًا واحدًا على الأقل
ROLE_FOR_SERVICES = الصلاحية { $permission } لخدمات النظام وحدها
ROLE_IN_USE =
    { $count ->
        [zero] هذا الدور ممنوح { $count } مرة: اسحبه فيها كلها أولًا
        [one] هذا الدور ممنوح مرة واحدة: اسحبه أولًا
        [two] هذا الدور ممنوح مرتين: اسحبه في المرتين أولًا
        [few] هذا الدور ممنوح { $count } مرات: اسحبه فيها كلها أولًا
        [many] هذا الدور ممنوح { $count } مرة: اسحبه فيها كلها أولًا
       *[other] هذا الدور ممنوح { $count } مرة: اسحبه فيها كلها أولًا
    }
DELEGATION_EMPTY = اذكر صلاحية واحدة على الأقل
DELEGATION_TIME = يجب أن ينتهي بعد أن يبدأ، وفي المستقبل
DELEGATION_TOO_LONG = 90 يومًا على الأكثر: لمدة أطول اطلب منح دور
DELEGATION_TO_ONESELF = اذكر شخصًا آخر
DELEGATION_ENDED = انتهى التفويض بالفعل
PERMISSION_NOT_DELEGABLE = الصلاحية { $permission } لا تُفوَّض أبدًا
BREAK_GLASS_EMPTY = اذكر الصلاحيات المطلوب فتحها
PERMISSION_NOT_OPENED = الوصول الطارئ لا يفتح { $permission }: تبقى إدارة الصلاحيات والواجبات المفصولة في مكانها
BREAK_GLASS_SCOPE = اذكر وحدة أو منطقة أو المجموعة، لا self ولا reports
BREAK_GLASS_REASON = اشرح ما حدث في 20 حرفًا على الأقل
BREAK_GLASS_TIME = من دقيقة واحدة إلى 60 دقيقة
BREAK_GLASS_OPEN = وصولك الطارئ { $id } مفتوح: أنهِه أولًا
    .unreviewed = الوصول الطارئ لا يزال مفتوحًا: أنهِه ثم راجعه
BREAK_GLASS_ENDED = انتهى الوصول الطارئ بالفعل
BREAK_GLASS_NO_STREAMS = الوصول الطارئ لا يفتح تدفقات: اطلب الصفوف صفحة صفحة
REVIEWED_ALREADY = تمت مراجعته بالفعل
ALLOWED_BY_ROLE = يمنح الدور { $role } الصلاحية { $permission } هنا
ALLOWED_BY_DELEGATION = الصلاحية { $permission } مفوّضة أو مفتوحة بوصول طارئ: انظر ممن
REFUSED_HERE = يمنح الدور { $role } الصلاحية { $permission }، لكن ليس هنا
REFUSED_BY_CONDITION = لا يمنح الدور { $role } الصلاحية { $permission } هنا إلا بعامل ثانٍ أو في ساعات أخرى
REFUSED_TODAY = يمنح الدور { $role } الصلاحية { $permission } هنا، لكن ليس اليوم
REFUSED_WITHOUT_MODULE = ليست لدى المجموعة الوحدة البرمجية التي تخص { $permission }
REFUSED_WITHOUT_GRANT = لا يمنح أي دور ممنوح الصلاحية { $permission }؛ الأدوار التي تمنحها: { $roles }

## Privacy

SUBJECT_IN_PART = للموضوع نوع ومعرّف: اذكرهما معًا
LEGAL_HOLD = يوجد حظر حذف قانوني: يجب رفعه أولًا، انظر ListHolds
HOLD_LIFTED = رُفع حظر الحذف من قبل
RETENTION_KIND_UNKNOWN = «{ $kind }» ليس نوعًا من البيانات: يعرض ListRetention الأنواع كلها
RETENTION_OUT_OF_BOUNDS =
    يُحتفظ بهذا النوع من { $min } إلى { $max ->
        [zero] { $max } شهر
        [one] شهر واحد
        [two] شهرين
        [few] { $max } أشهر
        [many] { $max } شهرًا
       *[other] { $max } شهر
    }
RETENTION_RUNS = ما يوجب القانون الاحتفاظ به عن الموظف محفوظ حتى { $day }: أعد الطلب بعد ذلك اليوم
PERSON_ERASED = مُحيت بيانات هذا الموظف: لا يمكن كتابة شيء عنه؛ ومن يعود يُسجَّل موظفًا جديدًا
STILL_EMPLOYED = لا تُمحى إلا بيانات من غادر: أنهِ التوظيف أولًا
ERASURE_ALREADY_EXISTS = يوجد محو { $id } لهذا الموظف بالفعل
OWN_ERASURE = لا أحد يوافق على محو بياناته بنفسه: يجب أن يوافق شخص آخر
ERASED_ALREADY = تمت الموافقة على المحو من قبل
ERASURE_DROPPED = سُحب الطلب أو رُفض: اطلب المحو من جديد
ERASURE_NOT_APPROVED = لم يوافق عليه أحد بعد
NOT_A_SERVICE = لا تفيد عن المحو إلا خدمة تحتفظ ببيانات عن الموظفين

## How long data are kept, counted from when and why

KEPT_FROM_ALIASES = آخر يوم للقب أو الجهاز
KEPT_BECAUSE_ALIASES = يجب أن يمكن إثبات السجلات المسندة إلى الموظف ما دام الأجر قابلًا للاعتراض
KEPT_FROM_DUTY = وقت تسجيل الدوام أو انتقال العهدة، ونهاية المناوبة
KEPT_BECAUSE_DUTY = سجلات الأجور وما تستند إليه: سنتان (الأحكام المؤقتة لدفع الأجور)
KEPT_FROM_PAY = يوم كتابة كشف المستحقات
KEPT_BECAUSE_PAY = أوراق استقطاع ضريبة الدخل: خمس سنوات؛ سجلات الأجور: سنتان
KEPT_FROM_PERSON = نهاية آخر توظيف
KEPT_BECAUSE_PERSON = عقود العمل المنتهية: سنتان (قانون عقود العمل)
KEPT_FROM_SESSIONS = اليوم الذي انتهت فيه الجلسة على أبعد تقدير
KEPT_BECAUSE_SESSIONS = سجلات استخدام الشبكة: ستة أشهر (قانون الأمن السيبراني)
KEPT_FROM_RECORDS = بداية السجل
KEPT_BECAUSE_RECORDS = السجلات التي يستند إليها الأجر، ما دام قابلًا للاعتراض
KEPT_FROM_RESULTS = يوم كتابة النتيجة؛ وللحصة بداية سجلها
KEPT_BECAUSE_RESULTS = الدرجات التي يستند إليها الأجر: المدة نفسها كأوراق استقطاع ضريبة الدخل
KEPT_FROM_REQUESTS = وقت الطلب
KEPT_BECAUSE_REQUESTS = الطلب المعاد إرساله يحصل على رده الأول؛ لا حاجة إلى أكثر من ذلك
KEPT_FROM_EVIDENCE = يوم كتابة القرينة
KEPT_BECAUSE_EVIDENCE = ما يلخصه ملف الموظف؛ لا يوجبه قانون

## The suite

OVERLOADED = استدعاءات كثيرة في وقت واحد: أعد المحاولة بعد قليل
RATE_LIMITED = استدعاءات كثيرة: أعد المحاولة بعد قليل
DEADLINE_EXCEEDED = استغرق الاستدعاء أطول مما سمح به المستدعي
STALE = غيّر شخص آخر هذا بعد أن قرأته: اقرأه من جديد ثم كرّر تعديلك
STORE_BUSY = غيّر شخص آخر هذا في اللحظة نفسها؛ أعد المحاولة
STORE_UNAVAILABLE = لا يمكن الوصول إلى المخزن الآن؛ أعد المحاولة بعد قليل
STORE_DAMAGED = قاعدة بيانات إحدى الخدمات تالفة، ولن تفيد الإعادة: على مشغّلها أن يوقف الخدمة ويفحص حجم التلف (SQLite: PRAGMA integrity_check؛ PostgreSQL: pg_amcheck) ويستعيد القاعدة من نسخة احتياطية
    .server = بيانات { $service } في قاعدة البيانات { $database } على { $at } تالفة: أوقف الخدمة، وافحص حجم التلف (pg_amcheck)، واستعد القاعدة من نسختك الاحتياطية؛ لم يتغير فيها شيء
STORE_READ_ONLY = لا يمكن الآن سوى القراءة من قاعدة بيانات إحدى الخدمات، ولم يتغير شيء: على مشغّلها أن يعيد إليها حق الكتابة (SQLite: الملف ومجلده؛ PostgreSQL: الخادم الذي يقبل الكتابة لا نسخته الاحتياطية)؛ ثم أعد الأمر نفسه
    .server = خادم PostgreSQL للخدمة { $service } على { $at } لا يقبل الكتابة: إما أنه خادم احتياطي أو أن default_transaction_read_only مفعّل. اذكر في { $setting } الخادم الذي يقبل الكتابة
PEER_UNAVAILABLE = خدمة يحتاجها هذا الاستدعاء غير متاحة: أعد المحاولة بعد قليل
PEER_REFUSES_SERVICE = خدمة يحتاجها هذا الاستدعاء لا تعرف هذه الخدمة بعد: أعد المحاولة بعد قليل
PEER_ADDRESS_INVALID = { $address } ليس عنوان خدمة: اكتب http://host:port أو https://host:port
PEER_CERTIFICATE_UNKNOWN = شهادة الخادم موقّعة من جهة غير موثوقة هنا: اذكر ملف تلك الجهة (--ca، أو client.authority في الإعدادات)، أو تأكد أنه الخادم الصحيح
PEER_CERTIFICATE_FOR_ANOTHER = شهادة الخادم لاسم آخر: اتصل به باسم مذكور في شهادته
PEER_CERTIFICATE_OUT_OF_DATE = شهادة الخادم غير صالحة الآن: على مشغّله تجديدها، إلا إذا كانت ساعة هذا الجهاز غير صحيحة
PEER_WANTS_CERTIFICATE = يطلب الخادم شهادة ممن يتصل به: اذكر شهادتك (--client-cert و --client-key، أو client.certificate و client.key في الإعدادات)
PEER_REFUSES_CERTIFICATE = لا يقبل الخادم الشهادة المقدّمة إليه: اسأل مشغّله أي جهة توقّع شهادات المتصلين
    .expired = الشهادة المقدّمة إلى الخادم منتهية: احصل على شهادة جديدة ممن وقّعها واذكرها (--client-cert و --client-key، أو client.certificate و client.key في الإعدادات)
    .revoked = الشهادة المقدّمة إلى الخادم ملغاة: احصل على شهادة جديدة ممن وقّعها واذكرها (--client-cert و --client-key، أو client.certificate و client.key في الإعدادات)
PEER_SPEAKS_PLAINTEXT = يبدأ العنوان بـ https:// والخادم هناك لا يستخدم TLS: اكتب http://، أو اسأل مشغّله عن المنفذ الصحيح
PEER_SPEAKS_TLS = يبدأ العنوان بـ http:// والخادم هناك يستخدم TLS: اكتب https://
PEER_TLS_FAILED = تعذّر إنشاء اتصال مشفّر: { $why }
CERTIFICATE_KEY_MISMATCH = الشهادة والمفتاح الخاص غير متطابقين: اذكر المفتاح الذي أُصدرت له هذه الشهادة (--client-key أو client.key للمتصل، و server.tls_key للخادم)
PEER_CERTIFICATES_UNUSABLE = لا يمكن استخدام شهادات هذا الخادم: { $why }. اذكر ملف الجهة التي وقّعت شهادة الخادم (--ca أو client.authority)
PEER_FAILED = رفضت الأمر خدمة يحتاجها هذا الاستدعاء
DEADLINE_MALFORMED = يتكون grpc-timeout من 8 أرقام على الأكثر وإحدى الوحدات H M S m u n
REQUEST_CUT_OFF = انقطع الطلب قبل نهايته
REQUEST_UNREADABLE = لا يمكن قراءة الطلب بوصفه رسالة هذا الاستدعاء (rpc): تأكد أن للمستدعي وللخادم العقد نفسه (proto/) وأن النصوص بترميز UTF-8
    .envelope = ليس الطلب تدفق رسائل في مغلفات Connect: بايت للأعلام (0، أو 1 إن كانت الرسالة مضغوطة)، ثم أربعة بايتات للطول، ثم الرسالة
    .compressed = لا يمكن فك ضغط الطلب: ليس مضغوطًا كما يذكر ({ $said })
ONE_MESSAGE_WANTED = يأخذ هذا الاستدعاء رسالة واحدة بالضبط، وعدد الرسائل في الطلب { $sent }
REQUEST_TOO_LARGE = الطلب أكبر من { $max } بايت: أرسل صفوفًا أقل في المرة
ANSWER_TOO_LARGE = الرد أكبر من { $max } بايت: اطلب صفوفًا أقل في المرة (page_size) أو ضيّق الاختيار
REQUEST_COMPRESSED = الطلب مضغوط: أرسله كما هو (grpc-encoding identity)
    .unknown = لا يُقرأ هنا الضغط { $said }: أرسل الطلب بـ gzip أو كما هو
TEXT_WITH_NUL = احذف الحرف NUL (U+0000): لا يجوز أن يحتويه أي نص
METHOD_UNKNOWN = لا توجد طريقة كهذه هنا: تحقق من الاسم ومن أن المستدعي والخادم من الإصدار نفسه
SERVICE_ELSEWHERE = العملية في هذا العنوان لا تشغّل الخدمة { $service }: اسأل العملية التي تشغّلها؛ تجدها الخدمات وأوامر tally عبر peers.{ $service } في الإعدادات
PROBLEM_TITLE =
    { $status ->
        [400] طلب غير صحيح
        [401] لم يتم تسجيل الدخول
        [403] غير مسموح
        [404] غير موجود
        [405] الطريقة غير مسموحة
        [409] تعارض
        [412] تغيّر في هذه الأثناء
        [413] أكبر من اللازم
        [415] نوع محتوى غير مدعوم
        [429] الطلبات كثيرة جدًا
        [431] الترويسات أكبر من اللازم
        [499] أُلغي
        [501] غير متوفر هنا
        [503] غير متاح
        [504] انتهت المهلة
       *[other] خطأ داخلي
    }
PATH_UNKNOWN = لا يوجد هنا المسار { $path }: المسارات في /openapi.json
HTTP_METHOD_WRONG = الطريقة { $method } غير متوفرة لهذا المسار، والمتوفر { $allowed }
MEDIA_TYPE_WRONG = يجب أن يكون المحتوى JSON (Content-Type: application/json)، وقد أُرسل { $said }
    .rpc = يأخذ هذا الاستدعاء { $taken } (Content-Type)، وقد أُرسل { $said }
BODY_TOO_LARGE = المحتوى أكبر من { $limit } بايت: أرسل صفوفًا أقل في المرة
BODY_BROKE_OFF = انقطع محتوى الطلب قبل نهايته
BODY_TOO_SLOW = استغرق وصول محتوى الطلب وقتًا طويلًا: أرسله أسرع أو في أجزاء أصغر
BODY_NOT_READ = لا يقرأ هذا الاستدعاء محتوى: ما يقبله يوضع في المسار وبعد العلامة ?
BODY_NO_OBJECT = يجب أن يكون المحتوى كائن JSON
HEADERS_TOO_LARGE = ترويسات الطلب أكبر من الحد وهو { $limit } بايت، أو أكثر عددًا من { $most }: أرسل أقل منها أو أقصر
BODY_NO_JSON = المحتوى ليس JSON بدءًا من السطر { $line }، العمود { $column }
    .early = ينتهي المحتوى في منتصف JSON
    .deep = في المحتوى أكثر من 127 مستوى من القوائم والكائنات
    .twice = في كائن من المحتوى يتكرر الاسم { $name } مرتين
FIELD_UNREADABLE = لا يمكن قراءته: اكتب { $expected }
    .unknown = لا يوجد حقل كهذا
    .twice = مذكور مرتين، بالاسم { $one } وبالاسم { $other }: احذف أحدهما
    .choice = اذكر واحدًا من { $fields } لا أكثر
    .encoding = ترميز النسبة المئوية ليس نصًا بترميز UTF-8
    .precision = للحظة تسعة أرقام على الأكثر من كسور الثانية
    .second = الثواني من 00 إلى 59
    .digits = أرقامه أكثر مما يسمح به عدد ذو كسر أو أس: اكتبه نصًا
VALUE_EXPECTED = قيمة من نوعه
    .yes_or_no = true أو false
    .whole = عددًا صحيحًا من { $least } إلى { $most }
    .number = عددًا
    .text = نصًا بين علامتي اقتباس
    .bytes = نصًا بترميز base64
    .instant = لحظة بين العامين 1 و9999، مثل 2026-03-02T09:00:00Z
    .duration = ثواني، مثل 600s
    .name = واحدًا من { $names }
    .object = كائنًا
    .list = قائمة
FIELD_SAID_TWICE = مذكور مرتين بقيمتين مختلفتين: احذفه من المحتوى أو من سلسلة الاستعلام
CONNECT_QUERY_WRONG = يجب أن يكون v1
    .missing = ناقص
    .base64 = ليس base64 بالصيغة المستخدمة في العناوين
QUERY_UNKNOWN = ليس من وسائط هذا الاستدعاء: الوسائط في /openapi.json؛ والبيانات الشخصية توضع في المحتوى
HEADER_NOT_READ = لا يقرأ هذا الاستدعاء الترويسة { $header }: احذفها
    .several = تحمل الترويسة { $header } وسم كيان واحدًا بين علامتي اقتباس، أو *
ANSWER_HAS_NO_FIELD = ليس في الرد الحقل { $field }
DOCS_PAGE = استدعاءات Tally
    .lead = كل استدعاءات النظام عبر HTTP مع JSON، من الجدول نفسه الذي يُبنى منه التوجيه. ووصف كل منها كما في العقود، بالإنجليزية.
    .how = قواعد الكتابة
    .machine = الوصف نفسه للبرامج، OpenAPI 3.1
    .count =
        { $count ->
            [zero] { $count } استدعاء
            [one] استدعاء واحد
            [two] استدعاءان
            [few] { $count } استدعاءات
            [many] { $count } استدعاءً
           *[other] { $count } استدعاء
        }
    .permission = يتطلب الصلاحية
    .session = يتطلب تسجيل الدخول، ولا يتطلب أي صلاحية.
    .nobody = لا يتطلب تسجيل الدخول.
    .parameters = الوسائط
    .body = المحتوى
    .lines = المحتوى: كائن كهذا في كل سطر
    .answer = الرد
    .stream = الرد: كائن كهذا في كل سطر، أو في كل حدث
    .refusals = حالات الرفض
    .example = مثال
    .required = إلزامي
    .filled = يملؤه الخادم
    .values = واحد من
    .shapes = الكائنات
    .in_path = في المسار
    .in_query = بعد ?
    .in_header = ترويسة
REQUEST_ID_INVALID =
    طول request_id على الأكثر { $max ->
        [zero] { $max } حرف
        [one] حرف واحد
        [two] حرفان
        [few] { $max } أحرف
        [many] { $max } حرفًا
       *[other] { $max } حرف
    }؛ والأفضل معرّف UUID
REQUEST_ID_REUSED = يخص request_id هذا طلبًا سابقًا بمحتوى آخر: استخدم معرّفًا جديدًا
LEASE_LOST = تولّى منفّذ آخر هذا العمل؛ لم يُحفظ شيء من هذه المحاولة

## For whoever operates the suite

PORT_TAKEN = تعذّر الاستماع على { $address }: { $cause }؛ اختر عنوانًا آخر باستخدام --listen أو TALLY_SERVER_LISTEN
HTTP_PORT_TAKEN = تعذّر على البوابة الاستماع على { $address }: { $cause }؛ اختر عنوانًا آخر باستخدام --http أو TALLY_SERVER_HTTP، أو احذف gateway من --services
DATABASE_URL_INVALID = يجب أن يبدأ عنوان قاعدة البيانات بـ sqlite:// أو postgres://
    .server = لا يمكن قراءة { $setting }: المتوقع postgres://ROLE:PASSWORD@HOST:PORT/DATABASE، وتُكتب العلامات / ? # @ % في كلمة المرور %2F %3F %23 %40 %25
    .file = لا يمكن قراءة { $setting }: المتوقع sqlite://FOLDER/{ "{" }service{ "}" }.db، أو sqlite:///FOLDER/{ "{" }service{ "}" }.db لمجلد يبدأ بـ / أو ليس اسمه من حروف وأرقام عادية فقط
STORE_AWAY = تعذّر الوصول إلى PostgreSQL للخدمة { $service } على { $at }: { $why }. تأكد أنه يعمل هناك، أو صحّح المضيف والمنفذ في { $setting }
STORE_SIGN_IN_REFUSED = يرفض PostgreSQL على { $at } دخول { $user }: لا يوجد دور كهذا أو أن له كلمة مرور أخرى. ضع كلمة المرور الصحيحة في { $setting }، أو نفّذ `tally migrate` بعنوان المالك، فهو ينشئ الدور ويعطيه كلمة المرور تلك
    .owner = يرفض PostgreSQL على { $at } دخول { $user }: لا يوجد دور كهذا أو أن له كلمة مرور أخرى. صحّح الدور وكلمة المرور في { $setting }
    .rule = لا يسمح PostgreSQL على { $at } بدخول { $user } إلى { $database } من هذا الجهاز بهذه الطريقة: لا توجد قاعدة في pg_hba.conf تسمح بذلك. إن كان يطلب TLS فاكتب sslmode=require في { $setting }؛ وإلا فعلى مشغّله أن يضيف قاعدة
STORE_DATABASE_MISSING = لا توجد قاعدة بيانات { $database } على { $at }: صحّح اسمها في { $setting }، أو اطلب من مالك الخادم إنشاءها (CREATE DATABASE { $database })
STORE_PARAMETER_REFUSED = لا يقبل PostgreSQL على { $at } معاملات الاتصال؛ ويقول: { $says }. صحّح ما بعد ? في { $setting }؛ وإن كان ذلك PgBouncer فيمكن لمشغّله السماح بها (ignore_startup_parameters في pgbouncer.ini)
STORE_TLS_FAILED = تعذّر إنشاء اتصال مشفّر مع PostgreSQL على { $at } ({ $why }): صحّح sslmode و sslrootcert في { $setting }، أو اطلب من مشغّل الخادم إصلاح شهادته
    .none = يطلب { $setting } اتصال TLS (sslmode)، و PostgreSQL على { $at } لا يستخدمه: اطلب من مشغّله تفعيله (ssl = on)، أو احذف sslmode إن لم يكن على الشبكة أحد آخر
STORE_RIGHT_MISSING = تنقص { $user } حقوق تحتاجها الخدمة { $service } في قاعدة البيانات { $database } على { $at }: نفّذ `tally migrate` بعنوان المالك، فهو يمنحها
    .owner = لا يحق لـ { $user } إنشاء مخططات وأدوار وجداول في قاعدة البيانات { $database } على { $at }: اذكر في { $setting } دورًا يملك القاعدة ويمكنه إنشاء أدوار (CREATEROLE)، أو مستخدمًا متميزًا
DATABASE_ROLE_OF_ANOTHER = تدخل الخدمة { $service } باسم { $user }، وبياناتها للدور { $login } وحده: اكتب الدور tally_{ "{" }service{ "}" } في { $setting } (postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE)
DATABASE_IN_USE = في قاعدة البيانات { $database } بيانات لـ tally بالفعل (المخطط { $schema })، والمطلوب قاعدة فارغة: أنشئ واحدة (CREATE DATABASE) واذكرها في { $setting }؛ لم يتغير شيء
STORE_FILE_DAMAGED = الملف { $file } تالف أو ليس قاعدة بيانات SQLite: استعده من نسختك الاحتياطية، أو اذكر مكانًا آخر في { $setting }؛ لم يتغير فيه شيء. يبيّن sqlite3 مع PRAGMA integrity_check حجم التلف
STORE_FILE_UNUSABLE = تعذّر فتح الملف { $file } للقراءة والكتابة: { $why }. امنح مستخدم هذه العملية الحق فيه وفي مجلده، أو اذكر مكانًا آخر في { $setting }
    .read_only = الملف { $file } للقراءة فقط، والمخزن يُكتب فيه: امنح مستخدم هذه العملية حق الكتابة فيه وفي مجلده، أو احذف mode=ro من { $setting } إن كان مذكورًا هناك
STORE_DISK_FULL = قرص { $at } ممتلئ: وفّر مساحة عليه ثم أعد الأمر نفسه
    .serving = قرص قاعدة بيانات إحدى الخدمات ممتلئ، ولم يتغير شيء: على مشغّلها توفير مساحة عليه؛ ثم أعد الأمر نفسه
STORE_DISK_FAILS = قرص { $at } يعطي أخطاء: يبيّنها سجل ذلك الجهاز؛ أصلحه أو استبدله، ثم تأكد من سلامة البيانات قبل المتابعة
    .serving = قرص قاعدة بيانات إحدى الخدمات يعطي أخطاء، ولم يتغير شيء: على مشغّلها النظر في سجل ذلك الجهاز؛ ثم أعد الأمر نفسه
DATABASE_ROLE_TOO_POWERFUL = يدخل عنوان قاعدة بيانات { $service } باسم { $user }، وهو { $power }: لن تسري حماية الصفوف. ضع الدور { $login } في العنوان (postgres://tally_{ "{" }service{ "}" }@host/database)؛ ينشئه `tally migrate` بعنوان المالك
POWER_SUPERUSER = مستخدم متميز
POWER_BYPASSRLS = دور له BYPASSRLS
POWER_OWNER = مالك الجداول
SCHEMA_BEHIND =
    مخطط { $service } متأخر بمقدار { $count ->
        [zero] { $count } ترحيل
        [one] ترحيل واحد
        [two] ترحيلين
        [few] { $count } ترحيلات
        [many] { $count } ترحيلًا
       *[other] { $count } ترحيل
    } (التالي { $next }): نفّذ `tally migrate` بعنوان المالك
SCHEMA_AHEAD = حُدّث مخزن { $service } بإصدار أحدث من tally (هذا الإصدار لا يعرف { $migration }): شغّل ذلك الإصدار أو أحدث منه، أو استعد النسخة الاحتياطية السابقة للتحديث
TENANT_NOT_HERE = هذا المخزن ملف SQLite فيه مجموعة واحدة، وهي غير هذه؛ تحتاج المجموعات المتعددة إلى PostgreSQL (TALLY_DATABASE_URL=postgres://...)، فهو يفصل بينها بحماية الصفوف
STORE_OF_ANOTHER_SERVICE = ملف SQLite للخدمة { $service } هو ملف { $owner }: ضع { "{" }service{ "}" } في العنوان (sqlite://dir/{ "{" }service{ "}" }.db)
SERVICE_NAME_INVALID = لا يصلح «{ $service }» اسمًا لخدمة: 32 من a-z و _ على الأكثر
HEADS_UNREADABLE = لا يمكن قراءة ملف رؤوس السجل الموقّعة { $file }: { $cause }
HEADS_UNWRITABLE = لا يمكن كتابة رؤوس السجل الموقّعة في { $file }: { $cause }. اذكر في audit.heads_directory مجلدًا يحق لمستخدم هذه العملية الكتابة فيه
KEYS_UNUSABLE = لا يمكن استخدام ملف المفاتيح { $file }: { $cause }. استعده من نسختك الاحتياطية، أو وجّه keys.directory إلى المجلد الصحيح؛ لا تُفتح البيانات المشفّرة بمفاتيح أخرى
    .missing = لا يوجد ملف مفاتيح { $file }: وجّه keys.directory إلى المجلد الصحيح، أو استعده من نسختك الاحتياطية؛ لا تُفتح البيانات المشفّرة بمفاتيح أخرى
    .closed = لا يمكن استخدام ملف المفاتيح { $file }: { $cause }. يجب أن يستطيع مستخدم هذه العملية قراءته بوصفه مالكه (الأذونات 0400) أو عبر مجموعته (0440، وعلى Kubernetes مع fsGroup)
    .unwritable = لا يمكن كتابة ملف المفاتيح { $file }: { $cause }. اسمح لمستخدم هذه العملية بالكتابة في مجلده، أو اذكر مجلدًا آخر في keys.directory
    .signing = لا يمكن استخدام المفتاح { $file }: { $cause }. استعده من نسختك الاحتياطية، أو وجّه keys.directory إلى المجلد الصحيح. وإن لم تكن لديك نسخة احتياطية فأبعده: ينشئ التشغيل التالي مفتاحًا جديدًا، ويسجّل من كان داخلًا دخوله من جديد، وتحتاج المنظومات الأخرى التي تثق بالمفتاح القديم إلى ملف .pub الجديد
    .closed_signing = لا يمكن استخدام المفتاح { $file }: { $cause }. يجب أن يستطيع مستخدم هذه العملية قراءته بوصفه مالكه (الأذونات 0400) أو عبر مجموعته (0440، وعلى Kubernetes مع fsGroup)
    .public = لا يمكن استخدام المفتاح العام { $file }: { $cause }. انسخه من جديد من الخدمة صاحبة المفتاح؛ وإن كان بجانب ملفه .key فيمكن حذفه، إذ تكتبه خدمته من جديد عند تشغيلها
    .folder = لا يمكن استخدام مجلد المفاتيح { $file }: { $cause }. اسمح لمستخدم هذه العملية بقراءته والكتابة فيه، أو اذكر مجلدًا آخر في keys.directory
    .unwritable_signing = لا يمكن كتابة المفتاح { $file }: { $cause }. اسمح لمستخدم هذه العملية بالكتابة في مجلده، أو اذكر مجلدًا آخر في keys.directory
    .foreign = المفتاح العام { $file } لا يخص المفتاح { $private } الذي بجانبه: استُبدل أحدهما. استعدهما معًا من نسختك الاحتياطية؛ وإن كان المفتاح الخاص هو الصحيح فاحذف العام، إذ تكتبه خدمته من جديد عند تشغيلها
SECRET_OPEN = يستطيع كل من على هذا الجهاز استخدامه؛ نفّذ chmod 600 مع اسمه
    .group = تستطيع مجموعة المستخدمين { $gid } استخدامه، وهذه العملية ليست منها؛ نفّذ chmod 600 مع اسمه، أو شغّل العملية بالمجموعة { $gid } (على Kubernetes: fsGroup: { $gid })
    .writable = تستطيع مجموعة المستخدمين تغييره؛ نفّذ chmod g-w مع اسمه
KEY_FILE_MALFORMED = يجب أن يبدأ سطره الأول بـ «{ $header }»
    .lock = سطره الأول لا يبيّن كيف هو محمي
    .line = يجب أن يتكون السطر من: النوع والمعرّف والمفتاح
    .id = «{ $id }» ليس معرّف مفتاح
    .base64 = المفتاح { $kind } { $id } ليس بترميز base64
    .length = يجب أن يكون المفتاح { $kind } { $id } بطول 32 بايت
    .damaged = المفتاح { $kind } { $id } تالف
    .kind = «{ $kind }» ليس نوعًا من المفاتيح
    .twice = المفتاح { $kind } { $id } مذكور مرتين
    .few = يلزمه مفتاح wrap واحد ومفتاح bind واحد ومفتاح sign واحد على الأقل
KEY_LINE_MALFORMED = يجب أن يحتوي السطر على 32 بايت بترميز base64 وعلى ما يبيّن من متى أو حتى متى يسري المفتاح
    .none = ليس فيه أي مفتاح
KEYS_OF_ANOTHER_STORE = مفاتيح هذه العملية ليست التي كُتبت بها بيانات { $service }: وجّه keys.directory إلى المجلد الصحيح، أو استعد seal.key من نسختك الاحتياطية؛ لم يتغير شيء ولم يُنشأ مفتاح جديد. وبعد وضع المفاتيح الصحيحة يبيّن `tally audit verify` هل عبث أحد بالسجل
STORE_LOST = مخزن { $service } فارغ، لكن { $file } يقول إنه كان يحتوي بيانات: استعد قاعدة البيانات من نسختك الاحتياطية (مع SQLite ملفها)، أو تأكد هل يشير { $setting } إلى قاعدة أخرى؛ لم يتغير شيء. ولا تبعد { $file } أولًا إلا إذا كان كل شيء سيبدأ من جديد
KEYS_PASSPHRASE_MISSING = ملف المفاتيح { $file } محمي: اضبط TALLY_KEYS_PASSPHRASE، أو اضبط TALLY_KEYS_PASSPHRASE_FILE على ملف فيه عبارة المرور
KEYS_PASSPHRASE_WRONG = لا يُفتح أي مفتاح في { $file } بعبارة المرور هذه: تحقق من TALLY_KEYS_PASSPHRASE (أو الملف الذي يذكره TALLY_KEYS_PASSPHRASE_FILE)؛ فإن كانت صحيحة فالملف تالف: استعده من نسختك الاحتياطية
KEYS_NOT_IN_A_FILE = هذه المفاتيح موجودة في هذه العملية وحدها: لا يوجد ملف لتغييره
KEY_ROTATES_ALREADY = للخدمة { $service } مفتاح جديد يوقّع من { $from }: انتظر حتى ذلك الوقت

## The command line

SERVER_AWAY = لا أحد يجيب على { $server }: هل النظام يعمل هناك؟ يبيّن --server أين يستمع
CLIENT_FILE_UNREADABLE = لا يمكن قراءة { $file }: { $why }
CLIENT_FILE_WRONG = ليس في { $file } محتوى { $block } بصيغة PEM
SIGNED_IN_AS = باسم { $login } على { $server }، والدخول بواسطة `tally login`
LOGIN_GOOD = الدخول سارٍ حتى { $until }. لا تحتاج الأوامر التالية إلى الرمز ولا إلى الخادم من جديد؛ وترسله البرامج الأخرى بالصيغة `authorization: Bearer ..`
LOGIN_NOT_REMEMBERED = لا يمكن حفظ الدخول في { $file } ({ $why }): أعطِ الرمز للأوامر الأخرى باستخدام --token-file
SIGN_IN_OVER = انتهى دخول { $login }: نفّذ `tally login { $login }` من جديد
SIGN_IN_FIRST = لا يوجد رمز وصول: نفّذ `tally login NAME` أولًا، أو اذكر ملفًا فيه رمز (--token-file)، أو مرّر رمزًا عبر الإدخال القياسي
FOLDER_UNWRITABLE = تعذّر إنشاء المجلد { $path }: { $cause }. أنشئه لمستخدم هذه العملية، أو اذكر مجلدًا آخر في { $setting }

## Bringing a bundle into a running suite

PERSON_NOT_IN_SUITE = ليس في النظام موظف بالرقم الوظيفي { $number } يحق لك الاطلاع عليه: عالج سبب رفض صفه في people.csv ثم أعد الاستيراد
ACCOUNT_NOT_IN_SUITE = ليس في النظام حساب { $label } يحق لك الاطلاع عليه: عالج سبب رفض صفه في accounts.csv ثم أعد الاستيراد
ROWS_OF_UNIT_REFUSED = رُفضت وحدته { $unit }
ROWS_OF_NUMBER_REFUSED = رُفض الرقم { $number } في people.csv: قد يعني هذا الصف شخصًا غير الذي في النظام
ROWS_OF_ACCOUNT_REFUSED = رُفض الحساب { $label } في accounts.csv: قد يعني هذا الصف حسابًا غير الذي في النظام
ROWS_OF_RECORD_REFUSED = رُفض السجل { $record } في records.csv: قد تكون رسائله لسجل غير الذي في النظام
NICKNAME_REFUSED = رُفض اللقب { $alias } في aliases.csv، وقد يسمّي به هذا السجل لـ { $number } موظف خدمته
IMPORT_STOPPED =
    { $rows ->
        [zero] أُدخل من هذا التشغيل { $rows } صف
        [one] أُدخل من هذا التشغيل صف واحد
        [two] أُدخل من هذا التشغيل صفان
        [few] أُدخلت من هذا التشغيل { $rows } صفوف
        [many] أُدخل من هذا التشغيل { $rows } صفًا
       *[other] أُدخل من هذا التشغيل { $rows } صف
    }، وبقي كل ما جاءت به التشغيلات السابقة: نفّذ الأمر نفسه من جديد، وما أُدخل يُعد موجودًا بالفعل
    .mend =
        { $rows ->
            [zero] أُدخل من هذا التشغيل { $rows } صف
            [one] أُدخل من هذا التشغيل صف واحد
            [two] أُدخل من هذا التشغيل صفان
            [few] أُدخلت من هذا التشغيل { $rows } صفوف
            [many] أُدخل من هذا التشغيل { $rows } صفًا
           *[other] أُدخل من هذا التشغيل { $rows } صف
        }، وبقي كل ما جاءت به التشغيلات السابقة: أصلح المذكور هنا ونفّذ الأمر نفسه من جديد، وما أُدخل يُعد موجودًا بالفعل
IMPORT_SERVICE_AWAY =
    تعذّر الوصول إلى الخدمة { $service }؛ لم يضع شيء: { $rows ->
        [zero] أُدخل من هذا التشغيل { $rows } صف
        [one] أُدخل من هذا التشغيل صف واحد
        [two] أُدخل من هذا التشغيل صفان
        [few] أُدخلت من هذا التشغيل { $rows } صفوف
        [many] أُدخل من هذا التشغيل { $rows } صفًا
       *[other] أُدخل من هذا التشغيل { $rows } صف
    }، وبقي كل ما جاءت به التشغيلات السابقة. نفّذ الأمر نفسه حين تعود الخدمة، وما أُدخل يُعد موجودًا بالفعل
IMPORT_DAMAGED = ضاعت قيم قبل الإدخال، والنظام لا يستبدل شيئًا، فسيحتفظ ببقاياها نهائيًا: { $columns }
IMPORT_DAMAGED_COLUMN =
    { $count ->
        [zero] في { $count } صف
        [one] في صف واحد
        [two] في صفين
        [few] في { $count } صفوف
        [many] في { $count } صفًا
       *[other] في { $count } صف
    } اختصر جدول إلكتروني { $column } إلى أرقامه الأولى (مثل { $example })
    .failed =
        { $count ->
            [zero] في { $count } صف
            [one] في صف واحد
            [two] في صفين
            [few] في { $count } صفوف
            [many] في { $count } صفًا
           *[other] في { $count } صف
        } يحتوي { $column } ما يعرضه الجدول الإلكتروني بدلًا من القيمة (مثل { $example })
IMPORT_DAMAGED_CURE = لم يُكتب شيء: صدّر العمود نصًا بلا صيغ فاشلة ثم أعد الاستيراد، أو نفّذ الأمر نفسه مع --accept-damaged لكتابة الصفوف كما هي
IMPORT_HEADING = ما جاء به الاستيراد، من { $from } إلى { $to }
IMPORT_READ = قُرئ
IMPORT_REJECTED = استُبعد
IMPORT_LEFT_OUT = دُمج أو تُرك
IMPORT_WRITTEN = كُتب
IMPORT_REVISED = إصدار جديد
IMPORT_UNCHANGED = موجود بالفعل
IMPORT_REFUSED = رُفض
IMPORT_CENSUS = ما في النظام مما يحق لك الاطلاع عليه
IMPORT_BEFORE = قبل
IMPORT_AFTER = بعد
IMPORT_UNITS = الوحدات التنظيمية
IMPORT_PEOPLE = الموظفون
IMPORT_ACCOUNTS = الحسابات
IMPORT_ALIASES = الألقاب
IMPORT_DEVICES = الأجهزة
IMPORT_SHIFTS = مناوبات الفترة
IMPORT_SHIFT_HOURS = ساعاتها
IMPORT_PUNCHES = تسجيلات دوام الفترة
IMPORT_HANDOVERS = انتقالات العهدة في الفترة
IMPORT_RECORDS = سجلات هذه الحسابات في الفترة
IMPORT_RECORD_HOURS = ساعاتها
IMPORT_AMOUNT = مبيعاتها بأصغر وحدة نقدية
IMPORT_CLAIMS = المطالبات على هذه الحسابات في الفترة
IMPORT_REJECTED_ROWS =
    { $rows ->
        [zero] تعذّرت قراءة { $rows } صف؛ يذكر { $file } كلًا منها مع علاجه.
        [one] تعذّرت قراءة صف واحد؛ يذكره { $file } مع علاجه.
        [two] تعذّرت قراءة صفين؛ يذكرهما { $file } مع علاج كل منهما.
        [few] تعذّرت قراءة { $rows } صفوف؛ يذكر { $file } كلًا منها مع علاجه.
        [many] تعذّرت قراءة { $rows } صفًا؛ يذكر { $file } كلًا منها مع علاجه.
       *[other] تعذّرت قراءة { $rows } صف؛ يذكر { $file } كلًا منها مع علاجه.
    }
IMPORT_REVISED_ROWS =
    { $rows ->
        [zero] أُدخل { $rows } صف بإصدار جديد؛ وتبقى السابقة متاحة للقراءة
        [one] أُدخل صف واحد بإصدار جديد؛ ويبقى السابق متاحًا للقراءة
        [two] أُدخل صفان بإصدار جديد؛ ويبقى السابقان متاحين للقراءة
        [few] أُدخلت { $rows } صفوف بإصدار جديد؛ وتبقى السابقة متاحة للقراءة
        [many] أُدخل { $rows } صفًا بإصدار جديد؛ وتبقى السابقة متاحة للقراءة
       *[other] أُدخل { $rows } صف بإصدار جديد؛ وتبقى السابقة متاحة للقراءة
    }
IMPORT_REFUSED_ROWS =
    { $rows ->
        [zero] لم يقبل النظام { $rows } صف؛ يذكر { $file } كلًا منها مع السبب.
        [one] لم يقبل النظام صفًا واحدًا؛ يذكره { $file } مع السبب.
        [two] لم يقبل النظام صفين؛ يذكرهما { $file } مع سبب كل منهما.
        [few] لم يقبل النظام { $rows } صفوف؛ يذكر { $file } كلًا منها مع السبب.
        [many] لم يقبل النظام { $rows } صفًا؛ يذكر { $file } كلًا منها مع السبب.
       *[other] لم يقبل النظام { $rows } صف؛ يذكر { $file } كلًا منها مع السبب.
    }
IMPORT_NEEDS = الاستيراد لحساب دخول يحق له قراءة الوحدات والموظفين والدوام والسجلات وكتابتها، مثل حساب له الدور group_hr

## Fields of requests

ROW_INVALID = { $problems }
INSTANT_IMPLAUSIBLE = المتوقع لحظة زمنية بين العامين { $first } و{ $last }: تحقق من السنة
VALUE_MISSING = يجب ذكره
AT_MOST = { $max } على الأكثر
NUMBER_FROM_TO = من { $from } إلى { $to }
BEFORE_FROM = أسبق من from
THROUGH_OR_NAMED = يطلب كل الوحدات: اترك unit_ids فارغًا أو احذف هذا
THROUGH_BEFORE = هو آخر أيام عدة: اذكر أولها في as_of، ولا يكون بعده
NOT_AFTER_START = يجب أن يكون بعد start
CUT_OVER_MALFORMED = اكتب HH:MM بين 00:00 و11:59

## Attendance

NEVER_EMPLOYED = لم تُعيَّن بعد، فلا يُعرف إلى أين يتبع هذا: راجع الموارد البشرية
PUNCH_REPEATED = سُجّل لك تسجيل دوام في هذه اللحظة نفسها من قبل
FACT_SUPERSEDED = صُحّح هذا من قبل بالتصحيح { $id } ولم يعد محسوبًا: صحّح ما هو محسوب الآن
CORRECTION_WAITS = ينتظر التصحيح { $id } للواقعة نفسها موافقة: وافق عليه أو ارفضه أو اسحبه أولًا
CORRECTION_NOT_WAITING =
    { $stage ->
        [approved] تمت الموافقة على التصحيح من قبل
        [rejected] رُفض التصحيح: اطلبه من جديد
        [withdrawn] سُحب التصحيح: اطلبه من جديد
       *[other] التصحيح محسوب بالفعل
    }
CORRECTION_OUTDATED = صُحّحت الواقعة بالتصحيح { $id } بعد تقديم هذا الطلب: ارفضه، واطلب من جديد تصحيح ما هو محسوب الآن
    .gone = لم تعد الواقعة محفوظة منذ تقديم هذا الطلب: ارفضه
OWN_CORRECTION = لا أحد يبتّ في تصحيح وقائعه بنفسه: يجب أن يبتّ فيه شخص آخر
CORRECTION_OF_OTHERS = لا يسحب التصحيح إلا من طلبه: ارفضه بدلًا من ذلك
PERIOD_PURGED = ما كان قبل { $day } لم يعد محفوظًا ولا يمكن تصحيحه
    .cycle = الفترة التي تبدأ قبل { $day } مكوّنة من { $kind } وربما حُذف بعضها لانتهاء مدة الاحتفاظ، فلا يمكن حساب الدورة من جديد: سوِّ الخطأ خارج Tally
    .close = الفترة التي تبدأ قبل { $day } مكوّنة من { $kind } وربما حُذف بعضها لانتهاء مدة الاحتفاظ، وسينقص منها دون تنبيه: اختر فترة تبدأ في { $day } أو بعده، أو اطلب أولًا تمديد مدة الاحتفاظ بـ { $kind } (SetRetention) ثم أدخل الناقص
    .row = ما كان قبل { $day } لم يعد محفوظًا، وهذا الصف غير موجود: احذفه، أو اطلب أولًا تمديد مدة الاحتفاظ بـ { $kind } (SetRetention)
    .named = { $name } غير موجود، وما كان قبل { $day } لم يعد محفوظًا: احذفه، أو اطلب أولًا تمديد مدة الاحتفاظ بـ { $kind } (SetRetention)
ALREADY_DIFFERENT = { $why }: صحّح ذلك أولًا
FACT_IN_FUTURE = لم يحن { $at } بعد، فالوقت الآن { $now }: يُصحَّح تسجيل الدوام أو انتقال العهدة بعد حدوثه؛ وللتخطيط مسبقًا انشر مناوبة
LATE_CHANGE_UNEXPLAINED = بدأت المناوبة: اذكر سبب تغييرها الآن
CORRECTION_ACTION_EXPECTED = add أو void أو move
ALIAS_DAY_OUTSIDE = يجب أن يكون من الأيام التي يعني فيها اللقب هذا الموظف
DEVICE_DAY_OUTSIDE = يجب أن يكون من الأيام التي يخص فيها الجهاز هذا الموظف أو المقعد
DEVICE_OWNER_EXPECTED = الجهاز يخص موظفًا (person_id) أو مقعدًا: اذكر أحدهما
HANDOVER_REPEATED = سُجّل انتقال العهدة هذا في هذه اللحظة نفسها من قبل
PERSON_UNKNOWN = لا يوجد موظف { $id }: أدخل الموظفين قبل ما قاموا به
ACCOUNT_UNKNOWN = لا يوجد حساب { $id }: أدخل الحسابات أولًا
    .file = { $account } ليس في accounts.csv{ $hint }
PLACE_REGION_UNKNOWN = لا توجد وحدة للمجموعة في المنطقة { $region }
PLACE_UNIT_UNKNOWN = ليست لدى المجموعة اليوم وحدة { $unit }
PLACE_TEAM_NOT_UNIT = الفريق { $team } ليس الوحدة { $unit }: احذف أحدهما
PLACE_REGION_OF_UNIT = الوحدة في المنطقة { $is } لا في { $said }: احذف المنطقة
ACCOUNT_CONTRADICTS_ROW = { $key } يناقض صفًا سابقًا في هذا الاستدعاء في الحقول { $fields }: ما قيل عن الحساب يبقى
ACCOUNT_CONTRADICTS_STORED = { $key } يناقض الموجود في الحقول { $fields }: ما قيل عن الحساب يبقى، ولا تُضاف إلا مراحل بتواريخ لاحقة
    .team = { $key } يناقض الموجود في الحقول { $fields }: الحساب للوحدة { $unit }، و{ $team } اليوم وحدة أخرى. اكتب مسار وحدته الحالي، أو unit_id وحده
    .closed = { $key } يناقض الموجود في الحقول { $fields }: الحساب للوحدة { $unit } التي أُغلقت ولا مسار لها اليوم، و{ $team } وحدة أخرى. اكتب unit_id وحده بلا الفريق
ACCOUNT_OUT_OF_REACH = { $key } خارج ما يحق لك إرساله: احذفه، أو اطلب إرساله ممن يحق له
FACT_OUT_OF_REACH = الموظف في ذلك اليوم خارج ما يحق لك إرساله: يرسل هذا من كان الفريق لديه حينئذ، أو شخص على مستوى المجموعة
ALIAS_DIFFERENT = هذا اللقب موجود من التاريخ نفسه لموظف آخر (employee_no) وبنهاية أخرى (to)
    .person = هذا اللقب موجود من التاريخ نفسه لموظف آخر (employee_no)
    .end = هذا اللقب موجود من التاريخ نفسه بنهاية أخرى (to)
DEVICE_DIFFERENT = هذا الجهاز موجود من التاريخ نفسه للموظف أو المقعد نفسه بنهاية أخرى (to)
SHIFT_CANCELLED = أُلغيت مناوبة هذا الموظف على هذا الحساب من { $start }، وجدول المناوبات لا يعيدها: لتخطيطها من جديد غيّر المناوبة { $shift } (ChangeShift)
SHIFT_DIFFERENT = مناوبة هذا الموظف على هذا الحساب من { $start } موجودة بنهاية أخرى
    .seat = مناوبة هذا الموظف على هذا الحساب من { $start } موجودة بمقعد آخر، أو بلا مقعد بينما يذكر هذا الصف مقعدًا
PUNCH_DIFFERENT = في { $at } يُعرف لهذا الموظف تسجيل دوام في الاتجاه الآخر (kind)
HANDOVER_DIFFERENT = في { $at } يُعرف أن موظفًا آخر فعل ذلك (employee_no)، ولا يكون هذا الحساب إلا في عهدة شخص واحد في الوقت نفسه
    .kind = في { $at } يُعرف أن هذا الموظف فعل العكس (kind)
SITE_DIFFERENT = الموقع { $name } موجود بمنطقة زمنية أخرى أو بحد يوم آخر أو بمنطقة أخرى
ALIAS_OVERLAP = هذا اللقب يعني شخصًا بالفعل في بعض هذه التواريخ: أنهِ أحدهما قبل أن يبدأ الآخر
SLASH_NOT_ALLOWED = يجب ألا يحتوي شرطة مائلة: فهي تصل بين المنصة والمتجر والاسم
PHASES_MISSING = يلزم واحد على الأقل: كيف يُستخدم الحساب
DIRECTION_EXPECTED = اذكر أيهما أفضل: higher أو lower
NORMALISATION_EXPECTED = اذكر كيف تتحول القيمة إلى نقاط: target_piecewise أو min_max أو percentile أو t_score
PHASE_KIND_EXPECTED = shared أو mixed أو named
PHASE_TWICE = تبدأ مرحلتان في هذا التاريخ
HANDOVER_KIND_EXPECTED = take أو release
PUNCH_KIND_EXPECTED = in أو out
SHIFT_TOO_LONG =
    يجب أن تكون المناوبة أقصر من { $hours ->
        [zero] { $hours } ساعة
        [one] ساعة واحدة
        [two] ساعتين
        [few] { $hours } ساعات
        [many] { $hours } ساعة
       *[other] { $hours } ساعة
    }
PERIOD_TOO_LONG =
    { $days ->
        [zero] { $days } يوم على الأكثر
        [one] يوم واحد على الأكثر
        [two] يومان على الأكثر
        [few] { $days } أيام على الأكثر
        [many] { $days } يومًا على الأكثر
       *[other] { $days } يوم على الأكثر
    }
DUTY_VERSION_EXPECTED = المتوقع 1 أو 2 أو 3، أو 0 للأحدث
PUNCH_OF_SHIFT = يتبع مناوبتك التي تبدأ في { $start }
PUNCH_CAME = سُجّل حضورك من الآن
PUNCH_LEFT = يختم المدة التي بدأت في { $since }
PUNCH_STILL_IN = كان حضورك مسجلًا منذ { $since }: تنتهي تلك المدة هنا وتبدأ مدة جديدة
PUNCH_NOT_IN =
    لم تسجّل حضورك خلال آخر { $hours ->
        [zero] { $hours } ساعة
        [one] ساعة
        [two] ساعتين
        [few] { $hours } ساعات
        [many] { $hours } ساعة
       *[other] { $hours } ساعة
    }: اطلب تصحيحًا إن كنت قد نسيت
PUNCH_NOT_PLANNED = ليست لك مناوبة قريبة من هذا الوقت
PUNCH_DRIFT = تختلف ساعة جهازك عن ساعتنا بمقدار { $seconds } ث؛ والمعتمد ساعتنا
DUTY_DOUBLE_IN = { $number }: تسجيل حضور من جديد في { $at } بلا تسجيل انصراف؛ تنتهي المدة الأولى هناك
DUTY_IN_WITHOUT_OUT = { $number }: تسجيل حضور في { $at } بلا انصراف خلال { $hours } س؛ لا تُحسب المدة
DUTY_OUT_MAY_COME = { $number }: يُعد تسجيل { $at } حضورًا، وتنتهي التسجيلات في { $last } بلا انصراف؛ لا ينتج عن ذلك وجود، ولا تُحسب مناوبة من يوم العمل هذا إلا حيث يغطيها زوج من التسجيلات
DUTY_LONE_IN = { $number }: يُعد تسجيل { $at } حضورًا، ولا يتبعه انصراف خلال { $hours } س؛ لا ينتج عن ذلك وجود، ولا تُحسب مناوبة من يوم العمل هذا إلا حيث يغطيها زوج من التسجيلات
DUTY_LONE_OUT = { $number }: يُعد تسجيل { $at } انصرافًا، ولم يسبقه حضور خلال { $hours } س؛ لا ينتج عن ذلك وجود، لكن لا تُحسب مناوبة من يوم العمل هذا إلا حيث يغطيها زوج من التسجيلات، وتنتهي هناك كل عهدة بلا تسليم
DUTY_SHIFT_UNCOVERED = { $number }: له مناوبة على { $account } من { $start } إلى { $end } وله تسجيلات دوام في يوم العمل ذاك، لكن لا يغطي أي زوج من التسجيلات شيئًا منها؛ لا تُحسب المناوبة حتى تُضاف التسجيلات الناقصة
DUTY_SHIFT_BARELY_COVERED =
    { $number }: له مناوبة على { $account } من { $start } إلى { $end } وله تسجيلات دوام في يوم العمل ذاك، لكن { $why ->
        [other] التسجيلات التي تمتد إلى هذه المناوبة تخص مناوبة أخرى
       *[edge] لا يغطي أي زوج من التسجيلات شيئًا من وقتها المخطط
    }؛ لا يُحسب منها سوى { $minutes } د على الأكثر عند طرفها حتى تُضاف التسجيلات الناقصة
DUTY_SHIFT_HELD_BY_OTHERS = { $number }: له مناوبة على { $account } من { $start } إلى { $end }، لكن وفق سجل انتقال العهدة لم يكن الحساب في الوقت المحسوب إلا في عهدة آخرين؛ لا تُحسب المناوبة، وإن كان { $number } هو من خدم حينئذ فيجب إضافة الاستلام والتسليم
DUTY_OUT_WITHOUT_IN = { $number }: تسجيل انصراف في { $at } بلا حضور قبله خلال { $hours } س؛ لا يُحسب
DUTY_OUT_AFTER_CLOSED_IN = { $number }: يُعد تسجيل { $at } انصرافًا، لكن الحضور الذي قبله خُتم في { $out }؛ لا ينتج عنه وجود، وتنتهي هناك كل عهدة بلا تسليم
DUTY_SHIFT_NOT_EMPLOYED = { $number }: له مناوبة على { $account } من { $start } إلى { $end } وهو غير معيّن حينئذ؛ لا تُحسب المناوبة؛ صحّح جدول المناوبات أو أيام التوظيف
DUTY_PUNCH_NOT_EMPLOYED = { $number }: له تسجيل دوام في { $at } وهو غير معيّن حينئذ؛ لا يُحسب؛ صحّح التسجيل أو أيام التوظيف
DUTY_HOLD_NOT_EMPLOYED = { $number }: استلم { $account } في { $at } وهو غير معيّن حينئذ؛ لا تُحسب العهدة؛ صحّح انتقال العهدة أو أيام التوظيف
DUTY_IN_AND_OUT_AT_ONCE = { $number }: تسجيل حضور وانصراف معًا في { $at }؛ لا ينتج عن ذلك وجود
DUTY_NOBODY = توجد أدلة عن { $account }، ومع ذلك لم يكن أحد على رأس العمل في الفترة
DUTY_NO_EVIDENCE_V1 =
    لا جدول مناوبات ولا تسجيل دوام ولا انتقال عهدة يدل على { $account } في الفترة: يتقاسم فريقه كله كل عمله ({ $scope ->
        [all] الجميع
       *[team] { $team }
    }، { $people ->
        [zero] { $people } موظف
        [one] موظف واحد
        [two] موظفان
        [few] { $people } موظفين
        [many] { $people } موظفًا
       *[other] { $people } موظف
    })؛ انشر جداول المناوبات أو اطلب من الموظفين تسجيل الدوام
DUTY_NO_EVIDENCE =
    لا جدول مناوبات ولا تسجيل دوام ولا انتقال عهدة يدل على { $account } في الفترة: يُعد فريقه كله على رأس العمل ({ $scope ->
        [all] الجميع
       *[team] { $team }
    }، عدد الموظفين: { $people })؛ انشر جداول المناوبات أو اطلب من الموظفين تسجيل الدوام
DUTY_RELEASE_WITHOUT_TAKE = { $number }: سلّم { $account } في { $at } ولم يكن في عهدته؛ لا يُحسب ذلك
DUTY_NEVER_RELEASED =
    { $number }: استلم { $account } في { $since } ولم يسلّمه؛ تنتهي العهدة في { $end }، عند { $by ->
        [release] التسليم
        [punch_out] تسجيل الانصراف التالي
        [roster] نهاية المناوبة في الجدول
        [too_long] أطول مدة مسموح بها
       *[taken_again] الاستلام التالي
    }
DUTY_NO_RELEASE_KNOWN =
    { $number }: استلم { $account } في { $since } ولا يُعرف تسليم بعده؛ تنتهي العهدة في { $end }، عند { $by ->
        [release] التسليم
        [punch_out] تسجيل الانصراف التالي
        [roster] نهاية المناوبة في الجدول
        [too_long] أطول مدة مسموح بها
       *[taken_again] الاستلام التالي
    }
DUTY_TAKEN_AGAIN =
    { $number }: استلم { $account } في { $since } ثم استلمه من جديد في { $again } بلا تسليم بينهما؛ تنتهي العهدة في { $end }، عند { $by ->
        [release] التسليم
        [punch_out] تسجيل الانصراف التالي
        [roster] نهاية المناوبة في الجدول
        [too_long] أطول مدة مسموح بها
       *[taken_again] الاستلام التالي
    }
DUTY_HELD_BY_TWO =
    كان { $account } في عهدة { $first } و{ $second } معًا من { $from } إلى { $until }؛ { $why ->
        [exclusive] لا يجوز أن يكون إلا في عهدة شخص واحد في الوقت نفسه
       *[unreleased] لم يكن الأول قد سلّمه
    }

## What to do about findings

FINDING_ADVICE =
    { $kind ->
        [NO_DUTY_EVIDENCE] أدخل جدول مناوبات للحساب، أو اطلب من موظفيه تسجيل الدوام أو تسجيل انتقال العهدة، ثم ابدأ العملية من جديد
        [UNHELD_ACCOUNT] أضف مناوبة من كان يخدم الحساب حينئذ، أو تسجيلات الدوام أو الاستلام الناقصة؛ وانقل السجل الذي يخص حسابًا آخر (MoveRecord)
        [OVERLAP] أضف تسليم من لم يعد الحساب في عهدته حين استلمه الآخر (CorrectHandover)
        [MISSING_RELEASE] أضف التسليم (CorrectHandover)
        [RELEASE_WITHOUT_TAKE] أضف الاستلام الذي يخص التسليم، أو أبطل التسليم (CorrectHandover)
        [DOUBLE_IN] أضف الانصراف قبل الحضور الثاني، أو أبطل أحد الحضورين (CorrectPunch)
        [MISSING_PUNCH] أضف تسجيل الدوام الناقص، أو أبطل التسجيل المنفرد (CorrectPunch)
        [UNCOVERED_SHIFT] أضف تسجيلات دوام المناوبة (CorrectPunch)، أو ألغِها إن لم يحضر أحد (CancelShift)
        [BARELY_COVERED_SHIFT] أضف تسجيلات الدوام الناقصة للمناوبة (CorrectPunch)، أو غيّر وقتها (ChangeShift)
        [HELD_BY_OTHERS] أضف استلام من خدم حسب الجدول وتسليمه (CorrectHandover)، أو ألغِ المناوبة (CancelShift)
        [NOT_EMPLOYED] صحّح جدول المناوبات أو تسجيل الدوام أو انتقال العهدة، أو أيام التوظيف (ChangeEmployment)
        [TAG_OFF_DUTY] أضف مناوبة من يسمّيه السجل أو تسجيلات دوامه، أو انقل السجل إلى الحساب الذي يخصه (MoveRecord)، أو أرسله من جديد بالاسم الصحيح ومراجعة أعلى
        [NAMED_WITHOUT_AGENT] أرسل السجلات من جديد مع اسم موظف الخدمة ومراجعة أعلى
        [MIXED_WITHOUT_TAG] أرسل السجلات من جديد مع اسم موظف الخدمة ومراجعة أعلى، أو اتركها حسب جدول المناوبات
        [TOO_FEW_TO_INFER] لا يلزم شيء؛ انتقالات العهدة أو الأسماء في السجلات تبيّن بدقة أكبر من خدم
        [DID_NOT_SETTLE] لا يلزم شيء؛ انتقالات العهدة تبيّن بدقة أكبر من خدم
        [SEVERAL_AT_ONCE] أرسل أوقات الردود، أو دع الموظفين يطالبون بمحادثاتهم؛ والأسماء في السجلات تبيّن أيضًا بدقة أكبر من خدم
        [TOO_FEW_REPLIES] لا يلزم شيء في شهر قليل السجلات؛ والأسماء في السجلات أو المطالبات تبيّن بدقة أكبر من خدم
        [REPLIES_TOO_DENSE] احرص على أن يكون عُشر السجلات مسمّى، أو مطالَبًا به بنقرة (MakeClaim)، أو مكتوبًا على أجهزة معروفة (ImportDevices)، وأن تُسجَّل فترات الراحة
        [EVIDENCE_UNEVEN] احرص على أن ينقر كل من على الحساب (MakeClaim) أو يوقّع أو يكتب على أجهزة معروفة (ImportDevices) بالقدر نفسه
        [CLOCK_WITHOUT_SECONDS] اطلب تصدير أوقات الردود بثوانيها
        [CLAIM_OFF_DUTY] تحقق ممن نقر، ومن تسجيلات الدوام وجدول المناوبات لذلك اليوم
        [CLAIM_WITHOUT_RECORD] تحقق من إرسال السجل، ومن ساعة المطالبات
        [CLAIMS_DIFFER] اسألهم من خدم، واجعل السجل يسمّي موظف خدمته
        [DEVICE_OFF_DUTY] تحقق لمن الجهاز، ومن تسجيلات الدوام وجدول المناوبات لذلك اليوم
        [DEVICE_OF_SEVERAL] اذكر لمن الجهاز ومن متى إلى متى
        [DEVICE_OF_NOBODY] اذكر لمن الجهاز في تلك الأيام بالاسم الذي تعطيه السجلات (ImportDevices)، أو جدوِل موظفًا على مقعده
        [EVIDENCE_NOT_READ] اذكر الإصدار 3 من السياسة، فهو يقرأ هذا، أو لا تذكر شيئًا فيُستخدم الأحدث؛ أو اتركه، فيُسند الشهر عندئذ بدونه
        [REPLY_OUTSIDE_RECORD] تحقق متى يبدأ السجل وينتهي، ومن ساعة الردود
        [BREAKS_NOT_PUNCHED] اطلب من الموظفين تسجيل الانصراف للراحة والحضور بعدها (RecordPunch)، أو نقل عهدة الحساب
        [CLOCKS_APART] اضبط ساعة المكتب، وأعد تصدير رسائله إن كان يلزم حفظها بالوقت الصحيح
        [UNKNOWN_AGENT] اذكر لمن الاسم (ImportAliases)، أو أرسل السجلات من جديد بالاسم الصحيح
        [ACCOUNT_UNKNOWN] أدخل الحساب (ImportAccounts)، أو انقل السجلات إلى الحساب الذي يخصها (MoveRecord)
        [POPULATION_CHANGED] أغلق الدورة من جديد، إلا إذا كان يجب أن تبقى بالموظفين السابقين (CloseCycle)
        [AMOUNTS_CONVERTED] لا يلزم شيء؛ وإن كان سعر الصرف خطأ فاضبط الصحيح (SetRates) وابدأ العملية من جديد
        [MEASURE_NOT_SENT] أرسل ما تذكره الجملة، أو احذف المؤشر من الخطة
        [OBSERVATIONS_BEYOND_PERIOD] اسحب الرصد (WithdrawObservation) وأرسله أجزاءً، كل جزء لأيام من فترة واحدة، أو أغلق فترة تضم كل أيامه
        [OBSERVATIONS_UNREAD] أرسلها من جديد بالاسم الصحيح واسحب هذه (WithdrawObservation)، أو اجعل خطة تقرأ المقياس؛ ولا يلزم شيء إن كانت محفوظة لوقت لاحق
        [REFUND_EXCEEDS_SALE] أرسل رد المبلغ من جديد بالمبلغ الصحيح ومراجعة أعلى، أو اسحبه (WithdrawRecord)؛ وإن كان صحيحًا فأرسل البيع من جديد بما حققه
        [CONTRIBUTOR_UNKNOWN] اذكر لمن الاسم (ImportAliases)، أو أرسل السجل من جديد بالمساهمين الصحيحين ومراجعة أعلى
        [CONTRIBUTOR_OFF_DUTY] لا يلزم شيء إن كان الموظف قد ساعد خارج ساعاته؛ وإلا فأضف المناوبة أو تسجيلات الدوام، أو أرسل السجل من جديد بالمساهمين الصحيحين ومراجعة أعلى
        [CONTRIBUTORS_NOT_SPLIT] اذكر سياسة فيها تقسيم لتُقسَّم هذه السجلات، أو اتركها: المساهمون محفوظون
        [STANDARD_WITHDRAWN] اكتب إصدارًا جديدًا من الخطة يتبع معيارًا ساريًا (يبيّن ListRefinements ما يناسب)، ثم أنشئ دورة به وأغلقها، أو صحّح دورة منشورة به (CorrectCycle)؛ واتركه إن كان الشهر لا يزال يُقيَّم بالقديم
       *[other] انظر في ما تذكره الملاحظة، وصحّحه إن كان خطأ، ثم ابدأ العملية من جديد
    }
FIX_REFUSED = لم يُقبل الإصلاح: { $why }
FINDING_WITHOUT_FIX = لا يوجد استدعاء يصلح وحده ملاحظة من النوع { $kind }: تبيّن نصيحتها ما يجب فعله

## Performance

CYCLE_CLOSING = الدورة قيد الإغلاق الآن: تابعها، أو ألغِ إغلاقها أولًا
CYCLE_PUBLISHED = الدورة منشورة ولا تتغير بعد ذلك: صحّحها عبر CorrectCycle إن كان يجب أن تكون نتيجتها غير هذه
CYCLE_NOT_CLOSING = الدورة ليست قيد الإغلاق، فلا شيء لإلغائه
CYCLE_NOT_REVIEWABLE = ليست للدورة نتيجة لنشرها: أغلقها أولًا
CYCLE_WITHOUT_RESULT = ليست للدورة نتيجة بعد: أغلقها، وتابعها حتى تصبح جاهزة للمراجعة
PERIOD_WITHOUT_RECORDS = لم يبدأ أي سجل خدمة لأي حساب بين { $from } و{ $to }: استورد سجلات هذه الأيام، أو أنشئ دورة لأيام أخرى
    .part = لم يبدأ أي سجل خدمة لحساب من وحدتها أو لحساب خدمه موظفوها بين { $from } و{ $to }: استورد سجلات هذه الأيام؛ وإن كانت موجودة فاجعل الحسابات تذكر فريقها في الوحدة، وصحّح توظيف من خدمها؛ وإن كانت فرقها قد انتقلت إلى وحدة أخرى فتلك الوحدة تغلق شهرها
NOBODY_CREDITED =
    { $records ->
        [zero] لم يمكن إسناد أي من السجلات، وعددها { $records }، إلى أحد
        [one] لم يمكن إسناد السجل الوحيد إلى أحد
        [two] لم يمكن إسناد أي من السجلين إلى أحد
        [few] لم يمكن إسناد أي من السجلات، وعددها { $records }، إلى أحد
        [many] لم يمكن إسناد أي من السجلات، وعددها { $records }، إلى أحد
       *[other] لم يمكن إسناد أي من السجلات، وعددها { $records }، إلى أحد
    }: أدخل جداول المناوبات أو تسجيلات الدوام أو انتقالات العهدة للفترة، ثم أغلق من جديد
    .unemployed =
        { $records ->
            [zero] لم يمكن إسناد أي من السجلات، وعددها { $records }، إلى أحد
            [one] لم يمكن إسناد السجل الوحيد إلى أحد
            [two] لم يمكن إسناد أي من السجلين إلى أحد
            [few] لم يمكن إسناد أي من السجلات، وعددها { $records }، إلى أحد
            [many] لم يمكن إسناد أي من السجلات، وعددها { $records }، إلى أحد
           *[other] لم يمكن إسناد أي من السجلات، وعددها { $records }، إلى أحد
        }، إذ لا أحد معيّن بين { $from } و{ $to }: صحّح التوظيف أو الفترة، ثم أغلق من جديد
    .elsewhere = لا أحد من المشمولين له جزء من سجل: ما قرأته عملية الإسناد مسند إلى غير المشمولين ({ $elsewhere } من { $records }). انظر من المشمول ولماذا (PreviewPopulation)، وصحّح التوظيف أو الحساب أو موظف الخدمة أو جدول المناوبات الذي تستند إليه السجلات، ثم أغلق من جديد
CYCLE_REFUSED = { $message }
CYCLE_GIVEN_UP = جرت محاولة الإغلاق عدة مرات بلا جدوى ({ $reason }): أغلق من جديد، وإن فشل ثانية فاسأل المشغّل
STEP_QUEUED = في انتظار منفّذ
STEP_COLLECTING = جمع الموظفين والحسابات والدوام
STEP_ATTRIBUTING = إسناد السجلات إلى الموظفين
STEP_SCORING = إعداد بطاقات التقييم
RUN_RESTS = انتهت عملية الإسناد بالفعل، فلا شيء لإيقافه
RUN_NOT_DONE = ليست لعملية الإسناد نتيجة: تابعها حتى تنتهي، أو ابدأ عملية أخرى
RUN_DIFFERS = عملية الإسناد لأيام أخرى أو بسياسة أخرى غير ما للدورة: اذكر عملية مطابقة، أو لا تذكر شيئًا فتُبدأ واحدة
RUN_COVERS_PART = عملية الإسناد عن بعض الحسابات أو الوحدات وليست عن كل ما تشمله الدورة: اذكر عملية عن وحدة الدورة أو وحدة أعلى منها، أو لا تذكر شيئًا فتُبدأ واحدة
    .moved =
        { $people ->
            [zero] { $people } موظف من المشمولين بالدورة في { $day } (as_of) ينتمون في { $last } إلى مكان آخر مع الحسابات التي خدموها
            [one] موظف واحد مشمول بالدورة في { $day } (as_of) ينتمي في { $last } إلى مكان آخر مع الحسابات التي خدمها
            [two] موظفان مشمولان بالدورة في { $day } (as_of) ينتميان في { $last } إلى مكان آخر مع الحسابات التي خدماها
            [few] { $people } موظفين مشمولين بالدورة في { $day } (as_of) ينتمون في { $last } إلى مكان آخر مع الحسابات التي خدموها
            [many] { $people } موظفًا من المشمولين بالدورة في { $day } (as_of) ينتمون في { $last } إلى مكان آخر مع الحسابات التي خدموها
           *[other] { $people } موظف من المشمولين بالدورة في { $day } (as_of) ينتمون في { $last } إلى مكان آخر مع الحسابات التي خدموها
        }: اطلب بدء عملية لـ { $unit } (StartAttributionRun، ممن تشملها صلاحياته) واذكرها (attribution_run_id)، أو اجعل as_of اليوم الأخير
    .moved_group =
        { $people ->
            [zero] { $people } موظف من المشمولين بالدورة في { $day } (as_of) ينتمون في { $last } إلى مكان آخر مع الحسابات التي خدموها
            [one] موظف واحد مشمول بالدورة في { $day } (as_of) ينتمي في { $last } إلى مكان آخر مع الحسابات التي خدمها
            [two] موظفان مشمولان بالدورة في { $day } (as_of) ينتميان في { $last } إلى مكان آخر مع الحسابات التي خدماها
            [few] { $people } موظفين مشمولين بالدورة في { $day } (as_of) ينتمون في { $last } إلى مكان آخر مع الحسابات التي خدموها
            [many] { $people } موظفًا من المشمولين بالدورة في { $day } (as_of) ينتمون في { $last } إلى مكان آخر مع الحسابات التي خدموها
           *[other] { $people } موظف من المشمولين بالدورة في { $day } (as_of) ينتمون في { $last } إلى مكان آخر مع الحسابات التي خدموها
        }: اطلب بدء عملية للمجموعة (StartAttributionRun، من الموارد البشرية للمجموعة) واذكرها (attribution_run_id)، أو اجعل as_of اليوم الأخير
RUN_AWAITED = تُغلق دورة بعملية الإسناد هذه: ألغِ إغلاق الدورة بدلًا من ذلك
RUN_OUTDATED = تغيّرت سجلات { $account } منذ أن قرأتها عملية الإسناد، والخطة تقرأ عمودًا لم تجمعه العملية: ابدأ عملية أخرى، أو أغلق بلا ذكر عملية
RUN_WITHOUT_RATES = تذكر الخطة عملتها، وعملية الإسناد سابقة على حفظ أسعار الصرف: أغلق الدورة بلا ذكر العملية، أو ابدأ عملية أخرى
    .on = السجل { $record } للحساب { $account } في { $day } بعملة أخرى، ولا تحفظ عملية الإسناد أسعار ذلك اليوم، إذ لا خطة بُدئت لها أو كانت سارية حينئذ تعود إلى هذا الحد: أغلق الدورة بلا ذكر العملية، أو ابدأ عملية أخرى
RUN_STOPPED = أُوقفت عملية الإسناد: أغلق الدورة من جديد
RUN_BELONGS_ABOVE =
    { $own ->
        [0]
            يخدم موظفو هذه الوحدة حسابات وحدات أخرى{ $units ->
                [0] { "" }
               *[other] { " " }({ $beyond })
            }
       *[other]
            يخدم موظفو وحدات أخرى{ $units ->
                [0] { "" }
               *[other] { " " }({ $beyond })
            } الحسابات نفسها ({ $accounts })
    }، ومن عملوا معًا يُسند إليهم معًا: اطلب بدء عملية الإسناد لـ { $unit } (StartAttributionRun، ممن تشملها صلاحياته)، ثم أغلق بها (CloseCycle مع attribution_run_id)
    .group =
        { $own ->
            [0]
                يخدم موظفو هذه الوحدة حسابات وحدات أخرى{ $units ->
                    [0] { "" }
                   *[other] { " " }({ $beyond })
                }
           *[other]
                يخدم موظفو وحدات أخرى{ $units ->
                    [0] { "" }
                   *[other] { " " }({ $beyond })
                } الحسابات نفسها ({ $accounts })
        }، ومن عملوا معًا يُسند إليهم معًا: اطلب بدء عملية الإسناد للمجموعة كلها (StartAttributionRun بلا وحدة، من الموارد البشرية للمجموعة)، ثم أغلق بها (CloseCycle مع attribution_run_id)
SCHEME_OF_ANOTHER_UNIT = الخطة لوحدة لا تتبعها الدورة: اختر خطة للمجموعة أو للوحدة أو لوحدة أعلى منها
POPULATION_EMPTY = لا أحد مشمول بالدورة: انظر عبر PreviewPopulation من المشمول ومن غير المشمول، واذكر وحدات أو مناصب أو مراتب وظيفية أو موظفين آخرين
POPULATION_UNIT_BEYOND = { $unit } ليست وحدة الدورة ولا تحتها في ذلك اليوم
POPULATION_PERSON_BEYOND = { $person } لا ينتمي إلى وحدة الدورة ولا إلى ما تحتها في ذلك اليوم
POPULATION_PERSON_UNKNOWN = لا أحد في المجموعة معرّفه { $person }: ابحث عن المعرّف عبر ListPeople
POPULATION_AS_OF_OUTSIDE = { $day } ليس من أيام الدورة: اذكر يومًا من { $from } إلى { $to }، أو لا تذكر شيئًا فيُعتمد { $to }
STANDARD_WITHDRAWN = الخطة «{ $scheme }» تخصّص الإصدار { $version } من المعيار «{ $standard }»، وقد بطل استعماله من { $from }: تُقيَّم الدورة به مع ذلك
    .instead = الخطة «{ $scheme }» تخصّص الإصدار { $version } من المعيار «{ $standard }»، وقد بطل استعماله من { $from } ويُستخدم بدلًا منه الإصدار { $instead }: تُقيَّم الدورة بالأول مع ذلك
POPULATION_CHANGED = انضم إلى المشمولين أو خرج منهم أثناء إغلاق الدورة
    .came = مشمول الآن، ولم يكن كذلك حين بدأ الإغلاق، وليست له بطاقة: أغلق الدورة من جديد لتشمل الموظف
    .left = كان مشمولًا حين بدأ الإغلاق، ولم يعد كذلك، وله بطاقة: أغلق الدورة من جديد لاستبعاد الموظف
CYCLE_OR_RUN = اذكر دورة أو عملية إسناد، لا كلتيهما
RUN_GONE = أُلغيت العملية
WORKER_GONE = توقف المنفّذ
TIME_OF_DAY_MALFORMED = «{ $text }» ليس وقتًا من اليوم: اكتب 04:00
RULES_VERSION_UNKNOWN = «{ $version }» ليس إصدارًا من القواعد: اكتب 1 أو 2 أو 3
RULES_VERSION_DIFFERS = احذفه، أو اكتب { $version } كما في policy.version
ACCOUNT_ELSEWHERE =
    الحساب { $account } في المنطقة { $region } و{ $unit ->
        [none] ليس لأي وحدة
       *[other] هو للوحدة { $unit }
    }: اذكر ذلك
EXTERNAL_ID_MISSING = الحقل external_id فارغ: اذكر معرّف السجل في المنصة نفسها
RECORD_TEXT_TOO_LONG =
    { $field } أطول من اللازم: الحد الأقصى { $max ->
        [zero] { $max } حرف
        [one] حرف واحد
        [two] حرفان
        [few] { $max } أحرف
        [many] { $max } حرفًا
       *[other] { $max } حرف
    }
MEASURE_TOO_LONG =
    أحد المقاييس أطول من اللازم: الحد الأقصى { $max ->
        [zero] { $max } حرف
        [one] حرف واحد
        [two] حرفان
        [few] { $max } أحرف
        [many] { $max } حرفًا
       *[other] { $max } حرف
    }
MEASURES_TOO_MANY = قائمة المقاييس أطول من اللازم: الحد الأقصى { $max }
RECORD_TIME_MISSING = { $field } غير موجود أو ليس وقتًا
INTERVAL_BACKWARDS = ينتهي في { $ended } قبل أن يبدأ في { $started }: صحّح أحدهما
RECORD_TIME_IMPLAUSIBLE = { $field } ليس بين العامين { $first } و{ $last }: تحقق من السنة
INTERVAL_TOO_LONG =
    يستمر من { $started } إلى { $ended }، ولا يستمر سجل أكثر من { $days ->
        [zero] { $days } يوم
        [one] يوم واحد
        [two] يومين
        [few] { $days } أيام
        [many] { $days } يومًا
       *[other] { $days } يوم
    }: صحّح التواريخ
AMOUNT_OUT_OF_RANGE = المبلغ أكبر من { $most } من أصغر وحدة نقدية: تحقق من وحدة القياس
REPLY_OUT_OF_RANGE = جاء الرد الأول بعد أكثر من { $most } ثانية: تحقق من وحدة القياس، أو احذفه
MEASURE_OUT_OF_RANGE = أرقام المقياس «{ $name }» قبل النقطة أكثر من { $digits }: تحقق من وحدة القياس
AMOUNT_NEGATIVE = المبلغ سالب: اذكر في refers_to السجل الذي هو رد لمبلغه
REFUND_TAKES_NOTHING = يجعله refers_to ردًا لمبلغ، ومبلغه ليس سالبًا: اكتب المبلغ المردود بعلامة ناقص، أو اترك refers_to فارغًا
REFERS_TO_NOTHING = { $id } يشير إلى { $other }، وهو ليس سجلًا لهذا الحساب: أرسل ذلك السجل أولًا، أو في الاستدعاء نفسه
REFERS_TO_REFUND = { $id } يشير إلى { $other }، وهو نفسه رد لمبلغ: اذكر سجل الخدمة الأصلي
REFERENCE_FIXED = { $id } موجود ويشير إلى سجل آخر أو لا يشير إلى أي سجل: اسحبه، وأرسل رد المبلغ بمعرّف خاص به
REPLY_RECORD_UNKNOWN = لا يوجد سجل { $id } على هذا الحساب، أو أنه من يوم لا يحق لك إدخاله: استورد السجل أولًا، أو صحّح معرّفه أو حسابه
    .account = { $account } ليس معرّف أي حساب: اكتبه كما تعطيه القوائم
REPLIES_MISSING = ليست لـ { $id } رسالة: أرسل واحدة على الأقل، أو احذف الصف
REPLY_SIDE_MISSING = الحقل by ناقص: اذكر هل كتبها موظف الخدمة أم العميل
REPLIES_TOO_MANY =
    ستكون لـ { $id } { $count ->
        [zero] { $count } رسالة
        [one] رسالة واحدة
        [two] رسالتان
        [few] { $count } رسائل
        [many] { $count } رسالة
       *[other] { $count } رسالة
    }، وللسجل { $most } على الأكثر: تحقق هل يمثل معرّف واحد عدة محادثات
    .import = الحد الأقصى للرسائل في الاستدعاء الواحد { $most }، وعددها هنا { $count }: أرسل عدة استدعاءات
CLAIM_NAMES_BOTH = تذكر سجلًا وعميلًا: اذكر أحدهما، أو لا تذكر أيًا منهما للسجل التالي على الحساب
CLAIM_OUT_OF_REACH = المطالبات على الحساب { $account } خارج ما يحق لك إرساله: احذفها، أو اطلب إرسالها ممن يحق له
CLAIM_WITHDRAWN = سُحبت مطالبة { $at } ({ $why }): احذفها
OBSERVATION_OUT_OF_REACH = { $name } خارج ما يحق لك إرساله: احذفه، أو اطلب إرساله ممن يحق له
CONTRIBUTORS_MALFORMED = contributors: «{ $text }» لا يسمّي أحدًا: اكتب دورًا ورقمًا وظيفيًا أو لقبًا، بلا فاصلة منقوطة
    .role = contributors: «{ $text }» ليس دورًا: استخدم first_answer أو closer أو after_sales
    .twice = contributors: { $text } مذكور مرتين: اذكر كل شخص مرة واحدة في الدور
    .many = contributors: العدد أكبر من { $max }، وهو أقصى ما يجوز للسجل
SPLIT_NOT_WHOLE = مجموع الأجزاء { $sum } لا 1000000 جزء من المليون: أعطِ كل دور جزءًا بحيث تكوّن معًا سجلًا كاملًا
RECORD_CURRENCY_UNKNOWN = «{ $code }» ليس عملة في ISO 4217: اكتب عملة مثل JPY، أو اتركه فارغًا لعملة المجموعة
REVISION_OUT_OF_RANGE = المراجعة { $revision } أكبر من { $most }: أرسل مراجعة أصغر
REVISION_TWICE = كل من revision و revised_at مذكور: أرسل أحدهما
REVISION_STALE = { $id } موجود بالمراجعة { $there }، وهي أحدث من { $sent }: أرسل مراجعة أعلى إن كان هذا هو المعتمد
    .unsaid = { $id } موجود بالمراجعة { $there }، وهذا الصف لا يذكر مراجعة: أرسل مراجعة أعلى إن كان هذا هو المعتمد
RECORD_WITHDRAWN = سُحب { $id } ({ $why }): احذفه، أو أرسل مراجعة أعلى لإعادته
    .already = { $id } مسحوب بالفعل ({ $why }): لم يبقَ ما يُفعل
RECORD_MOVED = نُقل { $id } إلى حساب آخر ({ $why }): أرسله لذلك الحساب
    .already = نُقل { $id } إلى حساب آخر ({ $why }): يبيّن ListRecordVersions إلى أيها؛ وإن كان هو الصحيح فلم يبقَ ما يُفعل
RECORD_OUT_OF_REACH = { $id } خارج ما يحق لك إدخاله ليومه: اطلب إدخاله ممن كان لديه فريق الحساب في ذلك اليوم، أو من المجموعة
RATING_OUT_OF_RANGE = التقييم { $rating } من الألف أعلى من عشر نقاط
MEASURE_MALFORMED = يجب أن يكون للمقياس «{ $name }» اسم خاص به وإما عدد عشري أو نص
ROWS_CONTRADICT = عدة صفوف في هذا الاستدعاء هي { $id } وتقول أشياء مختلفة: أرسل الصف الصحيح
ID_WITH_UNSEEN = في { $field } الحرف { $character } الذي لا يراه أحد: احذفه
    .here = فيه الحرف { $character } الذي لا يراه أحد: احذفه
DIFFERENT_CONTENT = { $id } موجود بمحتوى آخر ({ $columns }): أرسله بمراجعة أعلى إن كان هذا هو المعتمد
COLUMN_DIFFERS = { $column }: { $there } هناك، و{ $here } هنا
    .hidden = { $column }
NO_VALUE_THERE = لا شيء
MOVED_TO_ITSELF = هذا هو الحساب الذي عليه السجل: اذكر الحساب الذي يخصه
RECORD_REFERRED_TO = رد المبلغ { $refund } يشير إلى { $id }: اسحب رد المبلغ أولًا
REFUND_MOVES_WITH_RECORD = { $id } رد لمبلغ { $other }: انقل ذلك السجل فتنتقل معه ردود مبلغه
RECORD_THERE_ALREADY = في الحساب الآخر، أو كان فيه، سجل آخر { $id }: لا يُستبدل شيء، اسحب السجل الخطأ
RECORD_RATE_MISSING = السجل { $record } للحساب { $account } بعملة { $currency }، وعملية الإسناد سابقة على حفظ أسعار الصرف: أغلق الدورة بلا ذكر العملية، أو ابدأ عملية أخرى
    .on = السجل { $record } للحساب { $account } بعملة { $from }، ولا يُعرف سعر صرف بين { $from } و{ $to } في { $day }: اطلب ضبطه من ذلك اليوم أو من يوم قبله (SetRates، مع مصدره)، ثم صحّح الدورة من جديد إن كانت منشورة، وإلا فأغلقها من جديد بلا ذكر عملية أو بعملية تُبدأ بعد ذلك: العملية السابقة تحتفظ بأسعارها
    .look = للحساب { $account } مبيعات بعملة { $from } من { $day }، ولا يُعرف حينئذ سعر صرف بين { $from } و{ $to }: اطلب ضبطه من ذلك اليوم أو من يوم قبله (SetRates، مع مصدره)
RECORD_ELSEWHERE = لا يمكن الحساب بسجل لحساب ليس من هذه الوحدة ({ $why }): اطلب من المجموعة إغلاق دورة للأيام نفسها، فهي تسمّي السجل، ثم اطلب تصحيحه، ثم أغلق من جديد بلا ذكر عملية أو بعملية تُبدأ بعد ذلك: العملية السابقة تحتفظ بما قرأته من سجلات وأسعار
RECORD_AMOUNT_TOO_LARGE = مبلغ السجل { $record } للحساب { $account } أكبر من { $most } بأصغر وحدة من { $to }، وهذا أكبر مما يُحسب به: صحّح المبلغ أو سعر صرف يومه، ثم أغلق من جديد
SCHEDULE_UNIT_STAYS = وحدة الجدولة لا تتغير: اكتب جدولة أخرى لوحدة أخرى
SCHEDULE_AS_OF = تحدد الجدولة كل شهر من المشمول، في آخر يوم منه: احذف اليوم
SCHEDULE_DAY = { $day } ليس يومًا من الشهر: اكتب من 1 إلى 31؛ والمقصود آخر يوم في شهر ليس فيه ذلك اليوم
SCHEDULE_DELAY =
    ينتظر التشغيل بين المعاينة والإغلاق { $most ->
        [zero] { $most } دقيقة
        [one] دقيقة واحدة
        [two] دقيقتين
        [few] { $most } دقائق
        [many] { $most } دقيقة
       *[other] { $most } دقيقة
    } على الأكثر
    .dry = الجدولة التي تعاين أولًا تذكر بعد كم دقيقة تُغلق، من 1 إلى { $most }؛ والتي لا تعاين أولًا تذكر 0
SCHEDULE_RUN_CLOSES = يغلق التشغيل دورته الآن: ألغِ إغلاق الدورة بدلًا من ذلك
SCHEDULE_RUN_ENDED = انتهى التشغيل: لا شيء لإيقافه
SCHEDULE_MONTH_THERE = بُدئ الشهر بالفعل: يمكن بدؤه من جديد بعد أن يفشل تشغيله أو يوقف
SCHEDULE_MONTH_NOT_OVER = لم ينته الشهر بعد في المنطقة الزمنية للجدولة: ابدأه بعد ذلك
SCHEDULE_THERE = الجدولة { $schedule } تقول الشيء نفسه، وسيُغلق كل شهر مرتين: غيّر تلك (UpdateSchedule)، أو أعطِ هذه اسمًا آخر إن كان ذلك مقصودًا
SCHEDULE_MAKER_MAY_NOT = لم يعد يحق لآخر من كتب الجدولة إنشاء الدورات وإغلاقها هنا: دع من يحق له يكتبها من جديد (UpdateSchedule)، وابدأ هذا الشهر يدويًا (BeginScheduleRun)
SCHEDULE_BEGAN = بدأ { $month }، وكان موعده { $due }
SCHEDULE_LEFT_OUT =
    { $months ->
        [zero] فات قبله { $months } شهر
        [one] فات قبله شهر واحد
        [two] فات قبله شهران
        [few] فاتت قبله { $months } أشهر
        [many] فات قبله { $months } شهرًا
       *[other] فات قبله { $months } شهر
    } منذ أكثر من { $most ->
        [zero] { $most } شهر
        [one] شهر واحد
        [two] شهرين
        [few] { $most } أشهر
        [many] { $most } شهرًا
       *[other] { $most } شهر
    }، ولا يُغلق ما فات تلقائيًا: أغلقه يدويًا إن أردت
SCHEDULE_LOOKED =
    المعاينة: { $people ->
        [zero] المشمول { $people } موظف
        [one] المشمول موظف واحد
        [two] المشمول موظفان
        [few] المشمول { $people } موظفين
        [many] المشمول { $people } موظفًا
       *[other] المشمول { $people } موظف
    }، مع { $accounts ->
        [zero] { $accounts } حساب
        [one] حساب واحد
        [two] حسابين
        [few] { $accounts } حسابات
        [many] { $accounts } حسابًا
       *[other] { $accounts } حساب
    } عليها { $records ->
        [zero] { $records } سجل
        [one] سجل واحد
        [two] سجلان
        [few] { $records } سجلات
        [many] { $records } سجلًا
       *[other] { $records } سجل
    } حول هذا الشهر، { $findings ->
        [0] ولا شيء غير معتاد
        [zero] و{ $findings } ملاحظة ({ $kinds })
        [one] وملاحظة واحدة ({ $kinds })
        [two] وملاحظتان ({ $kinds })
        [few] و{ $findings } ملاحظات ({ $kinds })
        [many] و{ $findings } ملاحظة ({ $kinds })
       *[other] و{ $findings } ملاحظة ({ $kinds })
    }
    .everybody =
        المعاينة: كل موظفي المجموعة مشمولون، مع { $accounts ->
            [zero] { $accounts } حساب
            [one] حساب واحد
            [two] حسابين
            [few] { $accounts } حسابات
            [many] { $accounts } حسابًا
           *[other] { $accounts } حساب
        } عليها { $records ->
            [zero] { $records } سجل
            [one] سجل واحد
            [two] سجلان
            [few] { $records } سجلات
            [many] { $records } سجلًا
           *[other] { $records } سجل
        } حول هذا الشهر، { $findings ->
            [0] ولا شيء غير معتاد
            [zero] و{ $findings } ملاحظة ({ $kinds })
            [one] وملاحظة واحدة ({ $kinds })
            [two] وملاحظتان ({ $kinds })
            [few] و{ $findings } ملاحظات ({ $kinds })
            [many] و{ $findings } ملاحظة ({ $kinds })
           *[other] و{ $findings } ملاحظة ({ $kinds })
        }
SCHEDULE_WAITS = لا يُغلق شيء قبل { $until }: أوقف التشغيل إن كان هناك ما يجب تصحيحه أولًا
SCHEDULE_WOULD_FAIL = على الحال الآن سيُرفض الإغلاق: { $why }؛ ويُحسب ما يصل حتى ذلك الحين
SCHEDULE_MAY_FAIL = على الحال الآن سيُرفض الإغلاق إن أُسند هذا إلى موظف من الوحدة: { $why }؛ ويُحسب ما يصل حتى ذلك الحين
SCHEDULE_AWAITS_RUN = في انتظار عملية إسناد من { $from } إلى { $to } لهذه الوحدة أو لوحدة أعلى منها، تُبدأ بعد انتهاء هذه الأيام: ابدأ واحدة هناك (StartAttributionRun)، أو أغلق دورة هناك
    .early = في انتظار عملية إسناد من { $from } إلى { $to } لهذه الوحدة أو لوحدة أعلى منها: أحدثها { $run } بدأت قبل انتهاء هذه الأيام: ابدأ واحدة أخرى هناك (StartAttributionRun)
    .differs = في انتظار عملية إسناد من { $from } إلى { $to } لهذه الوحدة أو لوحدة أعلى منها: أحدثها { $run } بسياسة غير سياسة هذه الجدولة: ابدأ واحدة بسياسة الجدولة (StartAttributionRun)، أو غيّر الجدولة (UpdateSchedule)
    .part = في انتظار عملية إسناد من { $from } إلى { $to } لهذه الوحدة أو لوحدة أعلى منها: أحدثها { $run } عن جزء مما يُغلق: ابدأ واحدة عنه كله (StartAttributionRun)
SCHEDULE_SCORES_FROM = يقيّم من عملية الإسناد { $run }
SCHEDULE_CLOSES = أنشأ الدورة { $cycle } ويغلقها
    .again = يغلق من جديد الدورة { $cycle } التي لم تتم
SCHEDULE_DONE =
    أُغلق: { $people ->
        [zero] لـ { $people } موظف بطاقات
        [one] لموظف واحد بطاقة
        [two] لموظفين بطاقتان
        [few] لـ { $people } موظفين بطاقات
        [many] لـ { $people } موظفًا بطاقات
       *[other] لـ { $people } موظف بطاقات
    }، ومن { $records ->
        [zero] { $records } سجل
        [one] سجل واحد
        [two] سجلين
        [few] { $records } سجلات
        [many] { $records } سجلًا
       *[other] { $records } سجل
    } { $nobody ->
        [zero] لم يبقَ سجل بلا إسناد
        [one] بقي سجل واحد بلا إسناد
        [two] بقي سجلان بلا إسناد
        [few] بقيت { $nobody } سجلات بلا إسناد
        [many] بقي { $nobody } سجلًا بلا إسناد
       *[other] بقي { $nobody } سجل بلا إسناد
    }، { $findings ->
        [zero] ولا ملاحظات
        [one] وملاحظة واحدة
        [two] وملاحظتان
        [few] و{ $findings } ملاحظات
        [many] و{ $findings } ملاحظة
       *[other] و{ $findings } ملاحظة
    }؛ انظر فيه وانشره إن كان صحيحًا
SCHEDULE_FAILED = لم يتم: { $why }
SCHEDULE_AGAIN = بُدئ من جديد يدويًا
SCHEDULE_STOPPED = أُوقف يدويًا
SCHEDULE_DELETED = أُوقف لأن الجدولة حُذفت
SCHEDULE_CYCLE_CANCELLED = أُلغي إغلاق الدورة
OBSERVATION_WITHOUT_MEASURE = الحقل measure فارغ: اذكر اسم المقياس كما تسمّيه الخطط
OBSERVATION_WITHOUT_SUBJECT = لا يذكر عمّ هو: اذكر موظفًا أو وحدة أو حسابًا أو متجرًا أو حملة
    .id =
        معرّف { $kind ->
            [person] الموظف
            [unit] الوحدة
           *[account] الحساب
        } ليس معرّفًا: اكتبه كما تعطيه القوائم
OBSERVATION_SUBJECT_UNKNOWN =
    { $kind ->
        [person] لا يُعرف موظف { $key }: صحّحه، أو أدخله أولًا
        [unit] لا توجد وحدة { $key } في هذه الأيام ولا الآن، ولم يعمل فيها أحد قط: صحّح الوحدة، أو صحّح الأيام إن كانت قد أُغلقت قبلها، أو أدخلها أولًا
        [account] لا يُعرف حساب { $key }: صحّحه، أو أدخله أولًا
       *[store] لا يُعرف حساب لمتجر { $key }: صحّحه، أو أدخله أولًا
    }
OBSERVATION_UNIT_CLOSED = أُغلقت الوحدة { $unit }، وآخر أيامها { $last }: اجعل الأيام تنتهي عنده، أو صحّح الوحدة
    .into = أُغلقت الوحدة { $unit }، وآخر أيامها { $last }، وانتقل موظفوها إلى { $into }: اجعل الأيام تنتهي عنده، وأرسل ما رُصد بعده لتلك الوحدة
    .later = تبدأ الوحدة { $unit } في { $from }: صحّح الأيام أو الوحدة
OBSERVATION_RESERVED = «{ $measure }» يرصده النظام نفسه: احذفه، أو أعطِ المقياس اسمًا آخر
OBSERVATION_UNIT_NOT_HERE =
    يذكر unit_id من يدير حملة، وهذا عن { $kind ->
        [person] موظف
        [unit] وحدة
        [account] حساب
       *[store] متجر
    }: احذفه
OBSERVATION_WITHOUT_TIME = يلزمه إما لحظة (at) أو يوم أول، ومعه يوم أخير إن كان لأكثر من يوم (from و to): اذكر أحدهما
    .date = { $field } ليس تاريخًا: اكتبه هكذا 2026-03-31
OBSERVATION_BACKWARDS = ينتهي في { $to } قبل أن يبدأ في { $from }: صحّح أحدهما
OBSERVATION_TOO_LONG =
    هو عن { $from } إلى { $to }، ولا يكون رصد عن أكثر من { $most ->
        [zero] { $most } يوم
        [one] يوم واحد
        [two] يومين
        [few] { $most } أيام
        [many] { $most } يومًا
       *[other] { $most } يوم
    }: صحّح الأيام
OBSERVATION_TIME_IMPLAUSIBLE = { $field } ليس بين العامين { $first } و{ $last }: تحقق من السنة
OBSERVATION_WITHOUT_NUMBER = «{ $text }» ليس عددًا عشريًا بست خانات على الأكثر بعد النقطة: صحّحه
OBSERVATION_OUT_OF_RANGE = القيمة تتجاوز { $most } في أحد الاتجاهين: تحقق من وحدة القياس
OBSERVATION_DIFFERENT = { $name } موجود بالقيمة { $other } من { $source }، وهنا القيمة { $value } من { $of }: أرسله بمراجعة أعلى إن كان هذا هو المعتمد
OBSERVATION_WITHDRAWN = سُحب { $name } ({ $why }): احذفه، أو أرسل مراجعة أعلى لإعادته
SCHEME_WITHOUT_INDICATORS = يلزم مؤشر واحد على الأقل
NAME_TWICE = «{ $name }» مذكور مرتين
WEIGHTS_NOT_HUNDRED = مجموع الأوزان { $sum } لا 100: غيّرها ليصبح مجموعها 100 تمامًا
WEIGHT_NOT_POSITIVE = { $weight } ليس أكبر من الصفر: احذف المؤشر
MEASURE_TOO_LARGE = المقياس «{ $column }» للسجل { $record } للحساب { $account } قيمته { $value }، وهي أكبر من أن يُحسب بها: الحد الأقصى 9000000000000 في أي اتجاه؛ صحّح السجل، أو احذف المؤشر من الخطة
    .row = { $text } أكبر من أن يُحسب به: الحد الأقصى { $most } في أي اتجاه
MEASURE_TOO_LARGE_CURE = صحّح العدد، أو احذف المؤشر الذي يقيس العمود من scheme.yaml
MEASURE_UNKNOWN = «{ $measure }» ليس مقياسًا مدمجًا (credited_records، first_reply_within_30s، resolved، rating_at_least_4، amount) ولا عمودًا رقميًا من السجلات
BOUNDS_OF_NOTHING = ليس في الخطة مؤشر «{ $kpi }»: اكتب مفتاح أحد مؤشراتها
BOUNDS_BACKWARDS = الحد الأدنى { $min } أكبر من الحد الأقصى { $max }: بدّل بينهما
BOUNDS_WITHOUT_OWN = في الخطة نفسها { $own }، وهو ليس بين { $min } و{ $max }: وسّع الحدود لتشمله
BOUNDS_EXTRA = { $most } ليس أكبر من 0 وأصغر من 100
REFINED_BEYOND = { $value } خارج ما يسمح به المعيار «{ $standard }»: من { $min } إلى { $max }
    .target = يسمح المعيار «{ $standard }» بعدد من { $min } إلى { $max }
REFINED_FIXED = هذا يحدده المعيار «{ $standard }»: اكتب ما فيه
    .value = يحدد المعيار «{ $standard }» القيمة { $fixed }، لا { $value }
REFINED_DEFINITION = يحدد المعيار «{ $standard }» ما هو «{ $measure }»: انسخ تعريفه كما هو
    .column = يأخذ المعيار «{ $standard }» المقياس «{ $measure }» من العمود الذي بهذا الاسم: أعطِ التعريف اسمًا آخر
    .extra = يسمح المعيار «{ $standard }» بـ «{ $measure }» كما يعرّفه الفهرس: احذف التعريف، فيُنسخ من هناك
REFINED_MEASURE = «{ $kpi }» في المعيار «{ $standard }» يقيس { $measure }: قِس ذلك، أو أعطِ هذا المؤشر مفتاحًا خاصًا به
WEIGHT_BOUND_TWICE = اذكر إما weight بحدّيه أو weight_within أي مقدار الزيادة أو النقص: لا كليهما
WEIGHT_BOUND_BELOW_0 = يُذكر مقدار الزيادة أو النقص بعدد يساوي 0 أو أكبر
WEIGHT_BOUND_TOO_LARGE = هذا أكبر من أن يُحسب به: اذكر 100 على الأكثر
REFINED_LEFT_OUT = ينقص المؤشر «{ $kpi }»، والمعيار «{ $standard }» لا يسمح بتركه
REFINED_EXTRA = «{ $kpi }» ليس من مؤشرات المعيار «{ $standard }»، وهو لا يسمح بغير مؤشراته
REFINED_EXTRA_MEASURE = «{ $measure }» ليس مما يجوز أن تقيسه المؤشرات الزائدة على المعيار «{ $standard }»: { $measures }
REFINED_EXTRA_SHARE = وزن المؤشرات الزائدة على المعيار «{ $standard }» هو { $sum }، وهو يسمح بمجموع { $most } على الأكثر
SCHEME_PARENT_NOT_ABOVE = تخصّص الخطة خطة للمجموعة أو لوحدة أعلى من وحدتها: اذكر خطة كهذه، أو لا تذكر شيئًا
SCHEME_WITHDRAWN = بطل استعمال الخطة «{ $name }» من { $from }: اختر أخرى، أو اكتب خطة باسم آخر
    .version = بطل استعمال الإصدار { $version } من «{ $name }» من { $from }: اختر إصدارًا آخر
    .version_none = بطل استعمال الإصدار { $version } من «{ $name }» من { $from }، ولا إصدار آخر ساريًا حينئذ: اختر خطة أخرى، أو اطلب كتابة إصدار جديد
    .version_for = بطل استعمال الإصدار { $version } من «{ $name }» من { $from }: اختر الإصدار { $instead }
    .parent = بطل استعمال إصدار «{ $name }» الذي تخصّصه الخطة منذ { $from }: خصّص إصدارًا آخر أو خطة أخرى
    .parent_none = بطل استعمال إصدار «{ $name }» الذي تخصّصه الخطة منذ { $from }، وكذلك كل إصدار آخر: خصّص خطة أخرى أو لا تخصّص شيئًا
    .parent_for = بطل استعمال إصدار «{ $name }» الذي تخصّصه الخطة منذ { $from }: خصّص الإصدار { $version }
SCHEME_WITHDRAWN_ALREADY = بطل استعماله من { $from } بالفعل
SCHEME_NOT_INSTEAD = لا يمكن استخدام الإصدار { $version } بدلًا منه: اذكر إصدارًا آخر ساريًا من الخطة، وفقط حين يُبطل إصدار واحد
SCHEME_IMPORTED = جاءت الخطة من { $region } وتُكتب هناك: غيّرها هناك ثم استورد الملف من جديد
SCHEME_OF_A_UNIT = الخطة لوحدة وتبقى في منطقتها: صدّر خطة للمجموعة
STANDARD_DIFFERS = الإصدار { $version } من «{ $name }» موجود هنا بمحتوى آخر: الإصدارات لا تتغير أبدًا، فاسأل المنظومة التي تكتبها أيهما الصحيح
    .withdrawal = بطل استعمال «{ $name }» هنا من يوم آخر: اسأل المنظومة التي تكتبها أيهما الصحيح
STANDARD_NOT_FROM = هذه الخطة لا تكتبها منظومة { $region }: استورد ملف المنظومة التي تكتبها
SCHEME_NAME_TAKEN = لدى المجموعة هنا خطة أخرى باسم «{ $name }»: أعطِ المعيار اسمًا آخر حيث يُكتب
SCHEME_NAME_UNKNOWN = ليست لدى المجموعة هنا خطة باسم «{ $name }»: يعرض ListSchemes أسماءها
STANDARD_IMPORTED = «{ $name }» من { $region }: أحدث إصدار { $version }، والجديد { $written }، وبلا تغيير { $unchanged }
STANDARD_MANDATORY = يجب أن تخصّص الخطة هنا أحد المعايير الإلزامية: اذكر أحدها أصلًا لها: { $standards }
TARGET_MISSING = يلزم عدد أو team_median
TARGET_NOT_POSITIVE = { $target } ليس أكبر من الصفر
FLOOR_NOT_BELOW_CAP = الحد الأدنى { $floor } ليس أصغر من الحد الأقصى { $cap }
SMALL_SAMPLE_NOT_HERE = لا يُقرَّب إلى المتوسط إلا النسب والمتوسطات
QUOTAS_NOT_WHOLE = يجب أن يكون مجموع الحصص المقررة 1000000 جزء من المليون تمامًا
BANDS_OUT_OF_ORDER = اكتب النطاقات بدءًا بالأفضل، وبلا نقاط أكثر للأدنى
BANDS_NOT_HERE = النطاقات تخص forced_distribution وحده
GRADES_OUT_OF_ORDER = اكتب التقديرات بدءًا بالأفضل، ولكل منها min_score أقل مما قبله
GRADES_MIXED = أعطِ كل تقدير min_score، أو أعطِ كل تقدير حصة مقررة
MEASURE_OF_EXPECTED = اذكر ممّ يؤخذ المقياس: record أو observation أو ratio أو sum أو repeat أو trend أو team
AGGREGATION_EXPECTED = اذكر كيف تصير القيم قيمة واحدة، بطريقة تجميع يعرفها هذا الإصدار
OBSERVED_OF_EXPECTED = اذكر ما الذي يُرصد: موظف أو وحدة أو حساب أو متجر أو حملة
MEASURES_DEFINED_TOO_MANY = تعرّف الخطة { $most } من المقاييس على الأكثر: احذف ما لا يستخدمه أي مؤشر
MEASURE_BUILT_IN = «{ $name }» مقياس مدمج: أعطِ التعريف اسمًا آخر
MEASURE_VALID_BACKWARDS = اليوم الأول { $from } بعد اليوم الأخير { $to }: بدّل بينهما
MEASURE_VALUE_MISSING = تلزم قيمة من السجلات: first_reply_seconds أو duration_seconds أو resolved أو rating أو amount أو عمود أعداد
MEASURE_OF_RESOLVED = قيمة resolved نعم أو لا: خذ نسبته، أو عُدّ السجلات
MEASURE_COLUMN_UNKNOWN = «{ $column }» ليس عمودًا رقميًا من السجلات
MEASURE_TEST_MISSING = تلزم عتبة: at_most أو at_least أو below أو above أو equal
MEASURE_TEST_NOT_HERE = العتبة تخص نسبة، أو عدد السجلات أو العملاء حسب قيمة: احذفها
MEASURE_HOURS_EMPTY = تبدأ الساعات وتنتهي في الوقت نفسه: احذفها ليُحسب اليوم كله
MEASURE_HOURS_NOT_HERE = لا يُحسب ضمن الساعات إلا الثواني في first_reply_seconds أو duration_seconds: عُدّ السجلات التي تبدأ ضمنها
MEASURE_SESSION_TOO_LONG =
    الجلسة فواصلها على الأكثر { $most ->
        [zero] { $most } دقيقة
        [one] دقيقة واحدة
        [two] دقيقتان
        [few] { $most } دقائق
        [many] { $most } دقيقة
       *[other] { $most } دقيقة
    }
MEASURE_SESSION_NOT_HERE = المجموع يأخذ كل سجل، والعملاء يُعدّون مرة واحدة على أي حال: احذف الجلسة
MEASURE_ADDS_NOT_UP = «{ $measure }» ليس عددًا ولا مجموعًا، فلا يُقسَم عليه ولا يُقسَم: اذكر مقياسًا يقبل الجمع
MEASURE_SUM_EMPTY = يلزم مقياس واحد على الأقل للجمع
MEASURE_FACTOR_ZERO = المعامل 0 يُسقط المقياس: احذفه
MEASURE_COUNT_EXPECTED = «{ $measure }» ليس عدد سجلات تعرّفه الخطة: يُبحث عن التكرار بين السجلات
MEASURE_DAYS_BEYOND =
    يُبحث عن التكرار خلال مدة من يوم واحد إلى { $most ->
        [zero] { $most } يوم
        [one] يوم واحد
        [two] يومين
        [few] { $most } أيام
        [many] { $most } يومًا
       *[other] { $most } يوم
    }
MEASURE_PART_UNKNOWN = «{ $measure }» ليس معرّفًا في الخطة ولا مدمجًا: عرّفه أيضًا، أو صحّح الاسم
MEASURE_OF_ITSELF = «{ $measure }» محسوب من نفسه: احذفه مما يُحسب منه
MEASURE_NAME_RESERVED = الأسماء التي تبدأ بـ «{ $prefix }» للمقاييس التي لدى الجميع: اختر اسمًا آخر
MEASURE_NAME_TAKEN = يوجد مقياس باسم «{ $name }» بالفعل: غيّره، أو اختر اسمًا آخر
MEASURE_NAME_FIXED = اسم المقياس «{ $name }» ويبقى كذلك: عرّف مقياسًا آخر بالاسم الجديد، وأوقف استعمال هذا
MEASURE_RETIRED = موقوفة الاستعمال في الفهرس: { $measures }. اذكر مقياسًا آخر، أو عرّف مقياسًا بهذا الاسم في الخطة نفسها، أو أعده إلى الاستعمال (UpdateMeasure)
MEASURE_RETIRED_ALREADY = «{ $name }» موقوف الاستعمال بالفعل
MEASURE_NEEDED = تُحسب مقاييس أخرى في الفهرس من «{ $name }» ولن تصح بعد ذلك: غيّر هذه أو أوقف استعمالها أولًا: { $by }
SUPPLIED_MEASURE =
    { $key ->
        [first_reply_seconds] ثواني الرد الأول
        [presale_first_reply_within_30s] الرد الأول خلال 30 ث قبل البيع
        [aftersale_resolved] المحلول بعد البيع
        [handling_seconds] ثواني المحادثة
        [rating] التقييم
        [solved] السجلات المحلولة
        [customers] العملاء
        [buyers] العملاء المشترون
        [orders] الطلبات
        [presale_records] السجلات قبل البيع
        [conversion] التحويل
        [order_value] قيمة الطلب
        [repeat_purchase_30d] تكرار الشراء خلال 30 يومًا
        [second_conversion_7d] التحويل خلال 7 أيام من أول تواصل
        [complaints] الشكاوى
        [complaint_rate] نسبة الشكاوى
       *[other] { $key }
    }
SCHEME_TEMPLATE_UNKNOWN = لا توجد خطة باسم «{ $name }» للبدء منها: اختر واحدة من { $names }
TEMPLATE_TITLE =
    { $name ->
        [agent] موظفو الخدمة
        [operations] تشغيل المتاجر
       *[service-manager] مديرو الخدمة
    }
TEMPLATE_ABOUT =
    { $name ->
        [agent] لمن يخدمون العملاء: العمل المنجز، والرد الأول، والمحلول، والتقييم، والتحويل، وفحوص الجودة، والالتزام بالوقت
        [operations] لمن يديرون المتاجر: الزوار، والتحويل، ومبيعات الحملات، وتكلفة الطلب، والنمو، وكلها أرصاد؛ لا تلزم سجلات خدمة
       *[service-manager] لمن يقودون موظفي الخدمة، في أربعة أبعاد: جودة الخدمة والفريق والأعمال والابتكار
    }
NOBODY_TO_SCORE = لا يوجد من يُقيَّم: ليس في الفترة أي سجل مسند
PERSON_TWICE = الموظف { $person } مذكور مرتين
SCHEME_WITHOUT_DATA = لم يمكن تقييم أي مؤشر لأحد، إما لعدم وجود بيانات أو لأن الوسيط الذي سيكون الهدف ليس أكبر من الصفر (تبيّن كل بطاقة أيهما)
SCHEME_WITHOUT_DATA_CURE = اختر مؤشرات وأهدافًا تناسب السجلات
MEASURE_NOT_SENT =
    لا أحد لديه بيانات «{ $measure }»، فلا يُحسب مؤشره لأحد: { $what ->
        [records] لا يوجد سجل من الأنواع والساعات التي ينظر فيها
        [known] أرسل { $column } مع سجلات الخدمة
       *[column] أرسل العمود { $column } مع سجلات الخدمة
    }
    .observation = لا أحد لديه بيانات «{ $measure }»، فلا يُحسب مؤشره لأحد: أرسل أرصاده للفترة
    .past = لا أحد لديه قيمة سابقة لـ «{ $of }»، فلا يُحسب مؤشر «{ $measure }» لأحد: سيُحسب بعد نشر دورة سابقة بهذه الخطة لفترة بالطول نفسه
    .team = لا أحد لديه بيانات «{ $measure }»، فلا يُحسب مؤشره لأحد: لا أحد في فريق له قائد لديه بيانات { $of }
OBSERVATIONS_BEYOND_PERIOD =
    { $count ->
        [zero] { $count } رصد لـ «{ $measure }» تتجاوز الفترة من { $from } إلى { $to } ولا تُحسب
        [one] رصد واحد لـ «{ $measure }» يتجاوز الفترة من { $from } إلى { $to } ولا يُحسب
        [two] رصدان لـ «{ $measure }» يتجاوزان الفترة من { $from } إلى { $to } ولا يُحسبان
        [few] { $count } أرصاد لـ «{ $measure }» تتجاوز الفترة من { $from } إلى { $to } ولا تُحسب
        [many] { $count } رصدًا لـ «{ $measure }» تتجاوز الفترة من { $from } إلى { $to } ولا تُحسب
       *[other] { $count } رصد لـ «{ $measure }» تتجاوز الفترة من { $from } إلى { $to } ولا تُحسب
    }: يُحسب الرصد في فترة تضم كل أيامه
OBSERVATIONS_UNREAD =
    { $count ->
        [zero] { $count } رصد لـ «{ $measure }» في الفترة لا تُحسب
        [one] رصد واحد لـ «{ $measure }» في الفترة لا يُحسب
        [two] رصدان لـ «{ $measure }» في الفترة لا يُحسبان
        [few] { $count } أرصاد لـ «{ $measure }» في الفترة لا تُحسب
        [many] { $count } رصدًا لـ «{ $measure }» في الفترة لا تُحسب
       *[other] { $count } رصد لـ «{ $measure }» في الفترة لا تُحسب
    }: لا يقرأ المقياس أي مؤشر في هذه الخطة ولا في أي خطة أخرى سارية
    .near =
        { $count ->
            [zero] { $count } رصد لـ «{ $measure }» في الفترة لا تُحسب
            [one] رصد واحد لـ «{ $measure }» في الفترة لا يُحسب
            [two] رصدان لـ «{ $measure }» في الفترة لا يُحسبان
            [few] { $count } أرصاد لـ «{ $measure }» في الفترة لا تُحسب
            [many] { $count } رصدًا لـ «{ $measure }» في الفترة لا تُحسب
           *[other] { $count } رصد لـ «{ $measure }» في الفترة لا تُحسب
        }: لا يقرأ المقياس أي مؤشر في هذه الخطة ولا في أي خطة أخرى سارية (هل المقصود { $near }؟)
INDICATOR_TOO_LARGE = المؤشر { $indicator } لا يُحسب لأحد، إذ إن عدد { $people } أكبر من أن يُحسب به
    .apart = المؤشر { $indicator } لا يُحسب لأحد، إذ إن أعداده متباعدة إلى حد لا يُحسب معه
INDICATOR_TOO_LARGE_CURE = تحقق من العملة ومن وحدة قياس المبالغ والمقاييس، أو احذف المؤشر من scheme.yaml
NUMBER_TOO_LARGE = درجة الموظف { $person } أكبر من أن يُحسب بها: انظر في الحدود الدنيا والقصوى للخطة
    .grades = الحصص المقررة للتقديرات أكبر من أن يُحسب بها: صغّرها
    .unit = أعداد الوحدة { $unit } أكبر من أن يُحسب بها: انظر في بطاقات موظفيها
    .pool = أموال الصندوق أو حصصه أكبر من أن يُحسب بها: انظر في المبلغ والقاعدة
    .part = أوزان الجزء { $place } من الصندوق أكبر من أن يُحسب بها: انظر في الدرجات والقاعدة
    .person = درجة الموظف { $person } أكبر من أن يُحسب بها في الجزء { $place } من الصندوق: انظر في الدرجة والقاعدة
CARD_MEASURE =
    { $measure ->
        [credited_records] السجلات المسندة
        [first_reply_within_30s] الرد الأول خلال 30 ث
        [resolved] المحلول
        [rating_at_least_4] التقييم 4 من 5 على الأقل
        [amount] مبلغ المبيعات
       *[other] { $kpi }
    }
CARD_DEFINED = { $name } ({ $what })
CARD_VALUE =
    { $kind ->
        [records]
            { $value ->
                [zero] { $value } سجل
                [one] سجل واحد
                [two] سجلان
                [few] { $value } سجلات
                [many] { $value } سجلًا
               *[other] { $value } سجل
            }
        [customers]
            { $value ->
                [zero] { $value } عميل
                [one] عميل واحد
                [two] عميلان
                [few] { $value } عملاء
                [many] { $value } عميلًا
               *[other] { $value } عميل
            }
        [percent] { $value } %
        [own] { $value } { $unit }
        [standard]
            { $value } { $unit ->
                [points] نقطة
               *[currency] { $unit }
            }
       *[bare] { $value }
    }
CARD_LINE_DROPPED =
    { $name }: { $why ->
        [nobody] لا أحد لديه بيانات في الفترة، فأُسقط للجميع
        [person] لا توجد بيانات لهذا الموظف، فأُسقط هنا
        [too_large] العدد أكبر من أن يُحسب به، فأُسقط للجميع
        [past] لا توجد لهذا الموظف قيمة سابقة غير 0 يقارَن بها، فأُسقط هنا
        [too_large_elsewhere] عدد شخص آخر أكبر من أن يُحسب به، أو أن أعداد المجموعة متباعدة أكثر من اللازم، فأُسقط للجميع
       *[target] الوسيط الذي سيكون هدفه ليس أكبر من الصفر، فأُسقط
    }، ووُزّع وزنه { $weight } على بقية المؤشرات بالتناسب.
CARD_AGAINST = { $value } مقابل { $past }
CARD_PAST = { $measure }: { $values }
CARD_PAST_VALUE = { $value } من { $from } إلى { $to }
CARD_LINE_NOT_SCORED = { $name }: لم يُقيَّم.
CARD_LINE =
    { $name }: { $measured }{ $filled }؛ { $points }{ $limit ->
        [cap] { " " }(الحد الأقصى)
        [floor] { " " }(الحد الأدنى)
       *[none] { "" }
    }؛ وبالوزن { $weight } %{ $spread ->
        [yes] { " " }({ $scheme_weight } في الخطة، مع جزء مما تركته المؤشرات المُسقطة)
       *[no] { "" }
    } ينتج { $weighted }.
CARD_MEASURED =
    { $value } في { $records ->
        [zero] { $records } سجل
        [one] سجل واحد
        [two] سجلين
        [few] { $records } سجلات
        [many] { $records } سجلًا
       *[other] { $records } سجل
    }
CARD_NOT_MEASURED = لم يُقَس
CARD_SMALL_SAMPLE = ؛ عند أقل من { $below } من السجلات يُعد الناقص بقيمة المتوسط ({ $group })، فينتج { $adjusted }
CARD_POINTS_BY_TARGET =
    قياسًا بالهدف { $target } ({ $basis ->
        [scheme] تحدده الخطة
        [team] وسيط الفريق، وعدد موظفيه { $people }
       *[group] وسيط الجميع، وعددهم { $people }، إذ الفريق أصغر من اللازم
    }) النقاط { $points }
CARD_POINTS_BY_PLACE =
    { $by ->
        [target] قياسًا بالهدف
        [min_max] حسب الموضع بين أسوأ المجموعة وأفضلها
        [percentile] حسب نسبة من ليسوا أفضل في المجموعة
        [t_score] حسب البعد عن متوسط المجموعة بالانحرافات المعيارية
       *[band] حسب نطاق الموضع في المجموعة
    } النقاط { $points }
CARD_CHANGE =
    { $kind ->
        [rate_more] زيادة { $step } نقطة مئوية
        [rate_less] نقص { $step } نقطة مئوية
        [records_more] زيادة { $step } سجل مسند
        [records_fewer] نقص { $step } سجل مسند
        [more] زيادة { $amount }
       *[less] نقص { $amount }
    }
CARD_NEXT =
    { $effect ->
        [capped] { $change }: لا يضيف ذلك شيئًا، فقد بُلغ الحد الأقصى.
        [nothing] { $change }: لا يضيف ذلك وحده شيئًا.
       *[points] { $change }: يضيف ذلك من النقاط { $gain }.
    }
CARD_SUMMARY = الدرجة { $score }، الترتيب { $rank } من { $of }{ $grade }{ $collaboration }.
CARD_GRADE = ، التقدير { $grade }
CARD_COLLABORATION = ؛ منها { $points } للتعاون: { $outside } من { $credited } من السجلات خارج جدوله أو فريقه
DEFINED =
    { $what }{ $few ->
        [yes] ، لمن لديه { $min_count } على الأقل
       *[no] { "" }
    }{ $valid ->
        [between] ، من { $from } إلى { $to }
        [from] ، من { $from } فصاعدًا
        [to] ، حتى { $to }
       *[ever] { "" }
    }
DEFINED_RECORDS =
    { $aggregation ->
        [mean] متوسط { $value }
        [sum] مجموع { $value }
        [share] نسبة السجلات التي فيها { $value } { $test }
        [count] عدد السجلات
        [count_of] عدد السجلات التي فيها { $value } { $test }
        [distinct] عدد العملاء
       *[distinct_of] عدد عملاء السجلات التي فيها { $value } { $test }
    }{ $kinds }{ $hours }{ $session }
DEFINED_VALUE =
    { $value ->
        [first_reply_seconds] ثواني الرد الأول
        [duration_seconds] الثواني من البداية إلى النهاية
        [resolved] المشكلة محلولة
        [rating] التقييم
        [amount] مبلغ المبيعات
       *[column] { $value }
    }
DEFINED_GIVEN = له قيمة
DEFINED_TEST =
    { $is ->
        [at_most] { $threshold } على الأكثر
        [at_least] { $threshold } على الأقل
        [below] أقل من { $threshold }
        [above] أكثر من { $threshold }
       *[equal] يساوي { $threshold }
    }
DEFINED_KINDS = ، من النوع { $kinds }
DEFINED_HOURS =
    ، { $counts ->
        [begun] ما بدأ
       *[inside] بحساب الوقت
    } من { $from } إلى { $to }
DEFINED_SESSION =
    ، أول سجل في كل جلسة فواصلها على الأكثر { $minutes ->
        [zero] { $minutes } دقيقة
        [one] دقيقة واحدة
        [two] دقيقتان
        [few] { $minutes } دقائق
        [many] { $minutes } دقيقة
       *[other] { $minutes } دقيقة
    }
DEFINED_OBSERVATION =
    { $aggregation ->
        [sum] مجموع ما رُصد عن
        [mean] متوسط ما رُصد عن
       *[last] آخر ما رُصد عن
    } { $subject ->
        [person] الموظف
        [unit] الوحدة التنظيمية
        [account] الحساب
        [store] المتجر
       *[campaign] الحملة
    }
DEFINED_RATIO =
    { $of } / { $per }{ $percent ->
        [yes] { " " }بالنسبة المئوية
       *[no] { "" }
    }
DEFINED_SUM = مجموع { $parts }
DEFINED_PART = { $factor } × { $of }
DEFINED_REPEAT =
    نسبة { $of } التي كان لعميلها { $after } خلال { $days ->
        [zero] { $days } يوم قبلها
        [one] يوم واحد قبلها
        [two] يومين قبلها
        [few] { $days } أيام قبلها
        [many] { $days } يومًا قبلها
       *[other] { $days } يوم قبلها
    }
DEFINED_TREND = النسبة المئوية لاختلاف { $of } عن ماضي الموظف نفسه
DEFINED_TEAM =
    { $aggregation ->
        [mean] متوسط { $of } في الفريق كما كان في كل يوم
        [share] نسبة من في الفريق، كما كان في كل يوم، ممن لديهم { $of } { $test }
       *[sum] مجموع { $of } في الفريق كما كان في كل يوم
    }
CARD_CHANGED = قبل: { $before } الآن: { $after }
CARD_CAME = توجد بطاقة الآن: { $after }
CARD_WENT = لم تعد هناك بطاقة. قبل: { $before }
CARD_CREDITED_CHANGED = السجلات المسندة: { $before } قبل ذلك؛ و{ $after } الآن.
CARD_LINE_CHANGED = { $name }: { $before } قبل ذلك؛ و{ $after } الآن.
CARD_LINE_CAME = { $name }: يُحسب الآن: { $after }.
CARD_LINE_WENT = { $name }: لم يعد يُحسب: { $before } قبل ذلك.
CARD_STANDING = { $measured }، النقاط { $points }، وبالوزن { $weight } % ينتج { $weighted }
    .dropped = { $measured }، لم يُقيَّم
CARD_WORKED_OUT_ANEW = الدرجة هي نفسها؛ حُسبت من جديد من أعداد أخرى.
LADDER_REFUND = { $refund } رد لمبلغ { $sale }: له إسناد ذلك السجل ويُنقص مبلغه
LADDER_BEGAN =
    بدأ في { $at } على { $account }، { $phase ->
        [shared] وهو حساب مشترك في ذلك اليوم
        [mixed] وهو في ذلك اليوم في طور الانتقال من مشترك إلى مسمّى
       *[named] وهو حساب مسمّى في ذلك اليوم
    }.
LADDER_TAG_NONE = الاسم: لم تسمّ المنصة أحدًا.
LADDER_TAG_UNKNOWN = الاسم: سمّت المنصة «{ $agent }»، وهو في ذلك اليوم ليس لأي معيّن أو لأكثر من واحد.
LADDER_TAG = الاسم: سمّت المنصة «{ $agent }»، وهو { $person }: السجل له.
LADDER_NAMED_WITHOUT = على الحساب المسمّى لا يُعتد إلا بالأسماء وانتقالات العهدة، ولم يوجد أي منهما: لم يُسند إلى أحد.
LADDER_DUTY_NONE = الدوام: لم يكن الحساب في عهدة أحد ولم يكن أحد على رأس العمل في ذلك الوقت.
LADDER_DUTY = الدوام: { $list }.
LADDER_DUTY_ANSWERED = الدوام وقت الرد: { $list }.
    .unheld = الدوام: لم يكن الحساب في عهدة أحد ولم يكن أحد على رأس العمل حين بدأ؛ ووقت الرد { $list }.
LADDER_ON_DUTY =
    { $person } { $rule ->
        [handover] كان في عهدته بانتقال العهدة
        [roster] كان مجدولًا عليه
        [punch] من فريقه وكان حضوره مسجلًا
       *[team] من فريقه
    }، من { $from } إلى { $to } [{ $evidence }]
LADDER_SHARES = { $before }، { $share }
LADDER_BY_SESSION = سجل آخر من جلسة العميل نفسها يسمّي موظف خدمته، فيتبعه هذا: { $shares }.
LADDER_BY_TAG = أُسند بالاسم: { $shares }.
LADDER_BY_HANDOVER = كان الحساب في عهدة شخص واحد بانتقال العهدة: { $shares }.
LADDER_SOLE = كان شخص واحد على رأس العمل: { $shares }.
LADDER_INFERRED = كان عدة أشخاص على رأس العمل؛ ويميّز بينهم من كان مشغولًا بسجلات أخرى وكيف يعمل كل منهم: { $shares }.
LADDER_EQUAL = كان عدة أشخاص على رأس العمل ولا يكفي ما يميّز بينهم، فيتقاسمون بالتساوي: { $shares }.
LADDER_TEAM = ليس للحساب أي دليل على الدوام، فيتقاسم فريقه: { $shares }.
LADDER_NOBODY = فلم يُسند إلى أحد.
LADDER_CONTRIBUTORS = المساهمون: { $list }.
LADDER_CONTRIBUTOR =
    { $role ->
        [first_answer] صاحب الرد الأول
        [closer] من أتمّ البيع
       *[after_sales] من خدم بعد البيع
    }: «{ $agent }»، وهو { $person }
LADDER_CONTRIBUTOR_UNKNOWN =
    { $role ->
        [first_answer] صاحب الرد الأول
        [closer] من أتمّ البيع
       *[after_sales] من خدم بعد البيع
    }: «{ $agent }»، وهو في ذلك اليوم ليس لأي معيّن أو لأكثر من واحد
LADDER_SPLIT = أُسند حسب الدور كما تقول القاعدة «{ $version }»: الرد الأول { $first_answer }، وإتمام البيع { $closer }، وما بعد البيع { $after_sales }؛ وجزء الدور الذي لم يشغله أحد يذهب إلى الآخرين بالتناسب: { $shares }.
LADDER_BY_SPLIT = أُسند حسب الدور: { $shares }.
LADDER_BY_CLAIM = طُولب به بنقرة: { $shares }.
LADDER_CLICKED = نقر { $person } في { $at }.
LADDER_BY_DEVICE = خُدم على الجهاز { $device }، وكان حينئذ لشخص واحد: { $shares }.
LADDER_BY_REPLIES = كان عدة أشخاص على رأس العمل، لكل منهم عدة محادثات معًا؛ وتميّز بينهم أوقات الردود: { $shares }.
LADDER_BY_TAG_SHARE = كان عدة أشخاص على رأس العمل، لكل منهم عدة محادثات معًا؛ ويتقاسمون بحسب السجلات القريبة زمنيًا التي تسمّي موظف خدمتها: { $shares }.
LADDER_NOT_SPLIT = لا تعطي السياسة الأدوار المذكورة أي جزء: يُسند السجل كأنه لا يذكر مساهمين.
LADDER_WORTH = يُتوقع على هذا الحساب أن نحو { $now } من السجلات مسند إلى غير من خدم؛ ومع تسجيل فترات الراحة نحو { $breaks }، ومع الأجهزة في 30 % من الردود نحو { $devices }، ومع المطالبة بنصف السجلات نحو { $claims }. هذا متوقع بحسب شكوك هذا الشهر، وليس وعدًا.
WHY = { $first } ({ $part } %) لا { $second } ({ $rest } %): { $what }.
WHY_AGAINST =
    { $why } { $sign ->
        [hands] وكانت المدة منذ آخر رد ترجّح { $second }.
        [thread] وكان سير المحادثة حتى ذلك الحين يرجّح { $second }.
        [profile] وكان نوع الرد يرجّح { $second }.
       *[device] وكان الجهاز يرجّح { $second }.
    }
WHY_SOMEBODY = شخص آخر
WHY_SECONDS =
    { $count ->
        [zero] { $count } ثانية
        [one] ثانية واحدة
        [two] ثانيتين
        [few] { $count } ثوانٍ
        [many] { $count } ثانية
       *[other] { $count } ثانية
    }
WHY_MINUTES =
    { $count ->
        [zero] { $count } دقيقة
        [one] دقيقة واحدة
        [two] دقيقتين
        [few] { $count } دقائق
        [many] { $count } دقيقة
       *[other] { $count } دقيقة
    }
WHY_HOURS =
    { $count ->
        [zero] { $count } ساعة
        [one] ساعة واحدة
        [two] ساعتين
        [few] { $count } ساعات
        [many] { $count } ساعة
       *[other] { $count } ساعة
    }
WHY_DAYS =
    { $count ->
        [zero] { $count } يوم
        [one] يوم واحد
        [two] يومين
        [few] { $count } أيام
        [many] { $count } يومًا
       *[other] { $count } يوم
    }
WHY_HANDS = { $one }، { $other }
    .short = { $one }، { $other }، ولا يكاد الوقت يكفي لرد آخر
    .usual = { $one }، { $other }، ومثل هذه المدة معتاد أكثر لدى { $first }
WHY_WROTE = آخر رد من { $who } كان قبل ذلك بمدة { $pause }
WHY_NOT_YET = بدأ دوام { $who } قبل ذلك بمدة { $pause } ولم يصدر عنه رد بعد
WHY_THREAD = يُرجَّح أن { $first } ردّ على هذا العميل قبل ذلك بمدة { $pause }
WHY_PROFILE = يردّ { $first } على العملاء الذين انتظروا { $wait } أكثر من { $second }
    .first = يقدّم { $first } الرد الأول للعملاء الذين انتظروا { $wait } أكثر من { $second }
    .again = يكتب { $first } ثانية بعد رد مضى عليه { $wait }، بلا رسالة جديدة من العميل، أكثر من { $second }
    .unasked = يكتب { $first } إلى عملاء لم يكتبوا بعد أكثر من { $second }
WHY_WAIT =
    { $class ->
        [0] أقل من 5 دقائق
        [1] من 5 إلى 20 دقيقة
        [2] من 20 إلى 60 دقيقة
        [3] من ساعة إلى 4 ساعات
        [4] من 4 ساعات إلى 24 ساعة
       *[other] أكثر من يوم
    }
WHY_DEVICE = الجهاز الذي كُتب عليه هو جهاز { $first }
    .same = يُرجَّح أن { $first } كتب على الجهاز نفسه من قبل
WHY_DUTY = من ردود السجل وعددها { $all } كان { $first } على رأس العمل في { $count }، و{ $second } في { $other }
WHY_NAMES = من السجلات خلال ساعة التي تسمّي موظف خدمتها وكانا على رأس العمل فيها، لـ { $first } { $count } من { $all } ولـ { $second } { $other } من { $others }
    .all = من سجلات الحساب التي تسمّي موظف خدمتها وكانا على رأس العمل فيها، لـ { $first } { $count } من { $all } ولـ { $second } { $other } من { $others }
WHY_TOGETHER = لا تحسم علامة واحدة، بل كل الردود من حوله معًا
WHY_TOO_FEW_REPLIES = لا شيء يميّز بينهم: سجلات الحساب التي لها أوقات ردود يُتعلّم منها أقل من اللازم.
WHY_TOO_DENSE = لا شيء يميّز بينهم: الردود على هذا الحساب أكثف من أن تكفي أوقاتها وحدها، والسجلات المسمّاة أو المطالَب بها أو المكتوبة على أجهزة معروفة أقل من اللازم.
WHY_CLOCK_WITHOUT_SECONDS = لا شيء يميّز بينهم: ليست في أوقات ردود الحساب ثوانٍ يُعتمد عليها.
WHY_NO_REPLY_TIMES = لا شيء يميّز بينهم: قد تكون لكل منهم عدة محادثات معًا، ولا يُعرف رد على هذه كُتب وهم على رأس العمل.
CREDIT_ACCOUNT_UNKNOWN =
    { $records ->
        [zero] تُرك { $records } سجل
        [one] تُرك سجل واحد
        [two] تُرك سجلان
        [few] تُركت { $records } سجلات
        [many] تُرك { $records } سجلًا
       *[other] تُرك { $records } سجل
    } لحساب لا تعرفه خدمة الدوام
CREDIT_UNKNOWN_AGENT =
    { $records ->
        [zero] يسمّي { $records } سجل
        [one] يسمّي سجل واحد
        [two] يسمّي سجلان
        [few] تسمّي { $records } سجلات
        [many] يسمّي { $records } سجلًا
       *[other] يسمّي { $records } سجل
    } موظف الخدمة «{ $agent }»، وهو في أيامها ليس لأي معيّن أو لأكثر من واحد: تُعد بلا اسم
CREDIT_NO_EVIDENCE =
    لا جدول مناوبات ولا تسجيل دوام ولا انتقال عهدة على الإطلاق: يتقاسم فريقه { $records ->
        [zero] { $records } سجل
        [one] سجلًا واحدًا
        [two] سجلين
        [few] { $records } سجلات
        [many] { $records } سجلًا
       *[other] { $records } سجل
    }
CREDIT_NOBODY_ON_DUTY =
    { $records ->
        [zero] جاء { $records } سجل
        [one] جاء سجل واحد
        [two] جاء سجلان
        [few] جاءت { $records } سجلات
        [many] جاء { $records } سجلًا
       *[other] جاء { $records } سجل
    } ولا أحد على رأس العمل: لم يُسند إلى أحد
CREDIT_TAG_OFF_DUTY =
    { $records ->
        [zero] يسمّي { $records } سجل
        [one] يسمّي سجل واحد
        [two] يسمّي سجلان
        [few] تسمّي { $records } سجلات
        [many] يسمّي { $records } سجلًا
       *[other] يسمّي { $records } سجل
    } { $person }، ولم يكن على رأس العمل حينئذ: يُعتد بالاسم
CREDIT_NAMED_WITHOUT_AGENT =
    { $records ->
        [zero] { $records } سجل لحساب مسمّى لا تسمّي أحدًا
        [one] سجل واحد لحساب مسمّى لا يسمّي أحدًا
        [two] سجلان لحساب مسمّى لا يسمّيان أحدًا
        [few] { $records } سجلات لحساب مسمّى لا تسمّي أحدًا
        [many] { $records } سجلًا لحساب مسمّى لا تسمّي أحدًا
       *[other] { $records } سجل لحساب مسمّى لا تسمّي أحدًا
    }: لا تُسند إلى أحد إلا بانتقال العهدة
CREDIT_MIXED_WITHOUT_TAG =
    { $records ->
        [zero] { $records } سجل لحساب مختلط لا تسمّي أحدًا
        [one] سجل واحد لحساب مختلط لا يسمّي أحدًا
        [two] سجلان لحساب مختلط لا يسمّيان أحدًا
        [few] { $records } سجلات لحساب مختلط لا تسمّي أحدًا
        [many] { $records } سجلًا لحساب مختلط لا تسمّي أحدًا
       *[other] { $records } سجل لحساب مختلط لا تسمّي أحدًا
    }: تُسند كما على حساب مشترك
CONTRIBUTOR_UNKNOWN =
    { $records ->
        [zero] { $records } مساهمة باسم «{ $agent }»، وهو في أيامها ليس لأي معيّن أو لأكثر من واحد: تذهب أجزاؤها إلى المساهمين الآخرين
        [one] مساهمة واحدة باسم «{ $agent }»، وهو في يومها ليس لأي معيّن أو لأكثر من واحد: يذهب جزؤها إلى المساهمين الآخرين
        [two] مساهمتان باسم «{ $agent }»، وهو في يوميهما ليس لأي معيّن أو لأكثر من واحد: يذهب جزءاهما إلى المساهمين الآخرين
        [few] { $records } مساهمات باسم «{ $agent }»، وهو في أيامها ليس لأي معيّن أو لأكثر من واحد: تذهب أجزاؤها إلى المساهمين الآخرين
        [many] { $records } مساهمة باسم «{ $agent }»، وهو في أيامها ليس لأي معيّن أو لأكثر من واحد: تذهب أجزاؤها إلى المساهمين الآخرين
       *[other] { $records } مساهمة باسم «{ $agent }»، وهو في أيامها ليس لأي معيّن أو لأكثر من واحد: تذهب أجزاؤها إلى المساهمين الآخرين
    }
CREDIT_CONTRIBUTOR_OFF_DUTY =
    { $records ->
        [zero] يسمّي { $records } سجل { $person } مساهمًا، ولم يكن على رأس العمل حين بدأت
        [one] يسمّي سجل واحد { $person } مساهمًا، ولم يكن على رأس العمل حين بدأ
        [two] يسمّي سجلان { $person } مساهمًا، ولم يكن على رأس العمل حين بدآ
        [few] تسمّي { $records } سجلات { $person } مساهمًا، ولم يكن على رأس العمل حين بدأت
        [many] يسمّي { $records } سجلًا { $person } مساهمًا، ولم يكن على رأس العمل حين بدأت
       *[other] يسمّي { $records } سجل { $person } مساهمًا، ولم يكن على رأس العمل حين بدأت
    }: يُعتد بالاسم
CREDIT_CONTRIBUTORS_NOT_SPLIT =
    { $records ->
        [zero] يذكر { $records } سجل مساهمين، ولا تعطي السياسة أدوارهم جزءًا: يُحفظون، وتُسند السجلات كأنها لا تذكر أحدًا
        [one] يذكر سجل واحد مساهمين، ولا تعطي السياسة أدوارهم جزءًا: يُحفظون، ويُسند السجل كأنه لا يذكر أحدًا
        [two] يذكر سجلان مساهمين، ولا تعطي السياسة أدوارهم جزءًا: يُحفظون، ويُسند السجلان كأنهما لا يذكران أحدًا
        [few] تذكر { $records } سجلات مساهمين، ولا تعطي السياسة أدوارهم جزءًا: يُحفظون، وتُسند السجلات كأنها لا تذكر أحدًا
        [many] يذكر { $records } سجلًا مساهمين، ولا تعطي السياسة أدوارهم جزءًا: يُحفظون، وتُسند السجلات كأنها لا تذكر أحدًا
       *[other] يذكر { $records } سجل مساهمين، ولا تعطي السياسة أدوارهم جزءًا: يُحفظون، وتُسند السجلات كأنها لا تذكر أحدًا
    }
CREDIT_TOO_FEW_TO_INFER =
    { $records ->
        [zero] في { $records } سجل
        [one] في سجل واحد
        [two] في سجلين
        [few] في { $records } سجلات
        [many] في { $records } سجلًا
       *[other] في { $records } سجل
    } كان عدة موظفين على رأس العمل، وهو أقل من أن يُستنتج منه: قُسّم بالتساوي
CREDIT_DID_NOT_SETTLE =
    لم يستقر الاستنتاج على { $records ->
        [zero] { $records } سجل
        [one] سجل واحد
        [two] سجلين
        [few] { $records } سجلات
        [many] { $records } سجلًا
       *[other] { $records } سجل
    }: قُسّم بالتساوي
CREDIT_SEVERAL_AT_ONCE =
    { $records ->
        [zero] في { $records } سجل
        [one] في سجل واحد
        [two] في سجلين
        [few] في { $records } سجلات
        [many] في { $records } سجلًا
       *[other] في { $records } سجل
    } كان على رأس العمل عدة موظفين لديهم عدة محادثات معًا: قُسّم بالتساوي
CREDIT_TOO_FEW_REPLIES =
    { $records ->
        [zero] { $records } سجل لها أوقات ردود لا تكفي
        [one] سجل واحد له أوقات ردود لا يكفي
        [two] سجلان لهما أوقات ردود لا يكفيان
        [few] { $records } سجلات لها أوقات ردود لا تكفي
        [many] { $records } سجلًا لها أوقات ردود لا تكفي
       *[other] { $records } سجل لها أوقات ردود لا تكفي
    } لتمييز من لديهم عدة محادثات معًا: قُسّم بالتساوي بين من كانوا على رأس العمل عند كل رد
CREDIT_REPLIES_TOO_DENSE =
    { $records ->
        [zero] { $records } سجل هي
        [one] سجل واحد هو
        [two] سجلان هما
        [few] { $records } سجلات هي
        [many] { $records } سجلًا هي
       *[other] { $records } سجل هي
    } لحساب تأتي عليه الردود بكثافة لا تميّز معها أوقاتها وحدها بين الموظفين، ولا يُعرف أصحاب سوى أقل من عُشر الردود: قُسّم بالتساوي بين من كانوا على رأس العمل عند كل رد
CREDIT_EVIDENCE_UNEVEN =
    { $records ->
        [zero] { $records } سجل لا تبيّن
        [one] سجل واحد لا يبيّن
        [two] سجلان لا يبيّنان
        [few] { $records } سجلات لا تبيّن
        [many] { $records } سجلًا لا تبيّن
       *[other] { $records } سجل لا تبيّن
    } صاحب العمل، على حساب يسمّي بعض موظفيه عملهم أو يطالبون به أو يكتبون على أجهزة معروفة أكثر بكثير من غيرهم، وأقلهم { $person }: وُزن بحسب ما يتركه كل منهم بلا بيان
    .equal =
        { $records ->
            [zero] { $records } سجل لا تبيّن
            [one] سجل واحد لا يبيّن
            [two] سجلان لا يبيّنان
            [few] { $records } سجلات لا تبيّن
            [many] { $records } سجلًا لا تبيّن
           *[other] { $records } سجل لا تبيّن
        } صاحب العمل، على حساب يطالب بعض موظفيه بعملهم أو يكتبون على أجهزة معروفة أكثر بكثير من غيرهم، وأقلهم { $person }: قُسّم بالتساوي، وهذا قليل على { $person } إن كان يعمل بقدر الآخرين
CREDIT_CLOCK_WITHOUT_SECONDS =
    أكثر من عُشر الردود في { $records ->
        [zero] { $records } سجل
        [one] سجل واحد
        [two] سجلين
        [few] { $records } سجلات
        [many] { $records } سجلًا
       *[other] { $records } سجل
    } يقع على دقيقة كاملة، فلا يُعتمد على ساعتها: قُسّم بالتساوي بين من كانوا على رأس العمل عند كل رد
CREDIT_CLAIM_OFF_DUTY =
    طالب { $person } وهو ليس على رأس العمل { $records ->
        [zero] بـ { $records } محادثة: لا تُحسب المطالبات
        [one] بمحادثة واحدة: لا تُحسب المطالبة
        [two] بمحادثتين: لا تُحسب المطالبتان
        [few] بـ { $records } محادثات: لا تُحسب المطالبات
        [many] بـ { $records } محادثة: لا تُحسب المطالبات
       *[other] بـ { $records } محادثة: لا تُحسب المطالبات
    }
CREDIT_CLAIM_WITHOUT_RECORD =
    طالب { $person } { $records ->
        [zero] بـ { $records } محادثة لا سجل لها: لا تُحسب المطالبات
        [one] بمحادثة واحدة لا سجل لها: لا تُحسب المطالبة
        [two] بمحادثتين لا سجل لهما: لا تُحسب المطالبتان
        [few] بـ { $records } محادثات لا سجل لها: لا تُحسب المطالبات
        [many] بـ { $records } محادثة لا سجل لها: لا تُحسب المطالبات
       *[other] بـ { $records } محادثة لا سجل لها: لا تُحسب المطالبات
    }
CREDIT_CLAIMS_DIFFER =
    طالب { $person } بـ { $record } في { $at }، وكان { $second } قد طالب به في { $before }: لا تحسم أي من المطالبتين{ $more ->
        [0] { "" }
        [zero] . وكذلك الأمر في { $more } سجل آخر من ذلك اليوم
        [one] . وكذلك الأمر في سجل آخر من ذلك اليوم
        [two] . وكذلك الأمر في سجلين آخرين من ذلك اليوم
        [few] . وكذلك الأمر في { $more } سجلات أخرى من ذلك اليوم
        [many] . وكذلك الأمر في { $more } سجلًا آخر من ذلك اليوم
       *[other] . وكذلك الأمر في { $more } سجل آخر من ذلك اليوم
    }
    .tag =
        طالب { $person } بـ { $record } في { $at }، وقد سمّت له المنصة { $second }: يُعتد بالاسم{ $more ->
            [0] { "" }
            [zero] . وكذلك الأمر في { $more } سجل آخر من ذلك اليوم
            [one] . وكذلك الأمر في سجل آخر من ذلك اليوم
            [two] . وكذلك الأمر في سجلين آخرين من ذلك اليوم
            [few] . وكذلك الأمر في { $more } سجلات أخرى من ذلك اليوم
            [many] . وكذلك الأمر في { $more } سجلًا آخر من ذلك اليوم
           *[other] . وكذلك الأمر في { $more } سجل آخر من ذلك اليوم
        }
CREDIT_DEVICE_OFF_DUTY =
    جهاز { $person }، وهو { $device }، استُخدم وصاحبه ليس على رأس العمل { $records ->
        [zero] { $records } مرة
        [one] مرة واحدة
        [two] مرتين
        [few] { $records } مرات
        [many] { $records } مرة
       *[other] { $records } مرة
    }: لا يُعتد به
    .there =
        جهاز { $person }، وهو { $device }، استُخدم وصاحبه على رأس العمل في { $place } { $records ->
            [zero] { $records } مرة
            [one] مرة واحدة
            [two] مرتين
            [few] { $records } مرات
            [many] { $records } مرة
           *[other] { $records } مرة
        }: لا يُعتد به
    .elsewhere =
        الجهاز { $device }، وهو لشخص لم يكن قط على رأس العمل هنا، استُخدم { $records ->
            [zero] { $records } مرة
            [one] مرة واحدة
            [two] مرتين
            [few] { $records } مرات
            [many] { $records } مرة
           *[other] { $records } مرة
        }: لا يُعتد به
DEVICE_BOUND_TO_SEVERAL = من { $from } فصاعدًا الجهاز { $device } لعدة موظفين أو مقاعد معًا: يبقى كذلك، ولا يدل ما يُكتب عليه حينئذ على أحد
    .ever = الجهاز { $device } لعدة موظفين أو مقاعد معًا منذ البداية: يبقى كذلك، ولا يدل ما يُكتب عليه حينئذ على أحد
CREDIT_DEVICE_OF_SEVERAL =
    الجهاز { $device } { $more ->
        [0] لـ { $first } و{ $second } معًا
        [zero] لـ { $first } و{ $second } و{ $more } شخص آخر معًا
        [one] لـ { $first } و{ $second } وشخص آخر معًا
        [two] لـ { $first } و{ $second } وشخصين آخرين معًا
        [few] لـ { $first } و{ $second } و{ $more } آخرين معًا
        [many] لـ { $first } و{ $second } و{ $more } شخصًا آخر معًا
       *[other] لـ { $first } و{ $second } و{ $more } شخص آخر معًا
    }، واستُخدم { $records ->
        [zero] { $records } مرة
        [one] مرة واحدة
        [two] مرتين
        [few] { $records } مرات
        [many] { $records } مرة
       *[other] { $records } مرة
    }: لا يُعتد به
    .beyond =
        الجهاز { $device } لـ { $person } وفي الوقت نفسه لشخص لم يكن قط على رأس العمل هنا، واستُخدم { $records ->
            [zero] { $records } مرة
            [one] مرة واحدة
            [two] مرتين
            [few] { $records } مرات
            [many] { $records } مرة
           *[other] { $records } مرة
        }: لا يُعتد به
    .unknown =
        الجهاز { $device } لعدة أشخاص معًا، واستُخدم { $records ->
            [zero] { $records } مرة
            [one] مرة واحدة
            [two] مرتين
            [few] { $records } مرات
            [many] { $records } مرة
           *[other] { $records } مرة
        }: لا يُعتد به
DEVICE_OF_NOBODY =
    { $devices ->
        [zero] { $devices } جهاز غير مرتبط بأحد، مثل { $device }، استُخدمت
        [one] الجهاز { $device } غير المرتبط بأحد استُخدم
        [two] جهازان غير مرتبطين بأحد، مثل { $device }، استُخدما
        [few] { $devices } أجهزة غير مرتبطة بأحد، مثل { $device }، استُخدمت
        [many] { $devices } جهازًا غير مرتبط بأحد، مثل { $device }، استُخدمت
       *[other] { $devices } جهاز غير مرتبط بأحد، مثل { $device }، استُخدمت
    } { $records ->
        [zero] { $records } مرة
        [one] مرة واحدة
        [two] مرتين
        [few] { $records } مرات
        [many] { $records } مرة
       *[other] { $records } مرة
    }: لا يبيّن ذلك سوى ما كتبته اليد نفسها
    .near =
        الجهاز { $device } غير المرتبط بأحد استُخدم { $records ->
            [zero] { $records } مرة
            [one] مرة واحدة
            [two] مرتين
            [few] { $records } مرات
            [many] { $records } مرة
           *[other] { $records } مرة
        }، أما { $near } المرتبط فلم يُستخدم قط: هل هو المقصود؟
    .seat =
        الجهاز { $device } الخاص بالمقعد { $seat } استُخدم { $records ->
            [zero] { $records } مرة
            [one] مرة واحدة
            [two] مرتين
            [few] { $records } مرات
            [many] { $records } مرة
           *[other] { $records } مرة
        } ولا أحد مجدول على ذلك المقعد: لم يكن حينئذ لأحد
    .ended =
        الجهاز { $device } استُخدم { $records ->
            [zero] { $records } مرة
            [one] مرة واحدة
            [two] مرتين
            [few] { $records } مرات
            [many] { $records } مرة
           *[other] { $records } مرة
        } بعد { $to }، آخر أيام ارتباطه: لم يكن حينئذ لأحد
    .coming =
        الجهاز { $device } استُخدم { $records ->
            [zero] { $records } مرة
            [one] مرة واحدة
            [two] مرتين
            [few] { $records } مرات
            [many] { $records } مرة
           *[other] { $records } مرة
        } قبل { $from }، أول أيام ارتباطه: لم يكن حينئذ لأحد
EVIDENCE_NOT_READ = الإصدار { $version } من السياسة لا يقرأ المطالبات ولا الأجهزة ولا أوقات الرسائل. للحساب في هذا الشهر: المطالبات { $claims }؛ السجلات التي لها أوقات رسائل { $replies }؛ الأجهزة التي تسمّيها السجلات أو الرسائل { $devices }
CREDIT_REPLY_OUTSIDE_RECORD =
    { $records ->
        [zero] كان { $records } رد قبل بداية سجلها أو بعد نهايته: لا تُحسب
        [one] كان رد واحد قبل بداية سجله أو بعد نهايته: لا يُحسب
        [two] كان ردّان قبل بداية سجلهما أو بعد نهايته: لا يُحسبان
        [few] كانت { $records } ردود قبل بداية سجلها أو بعد نهايته: لا تُحسب
        [many] كان { $records } ردًا قبل بداية سجلها أو بعد نهايته: لا تُحسب
       *[other] كان { $records } رد قبل بداية سجلها أو بعد نهايته: لا تُحسب
    }
BREAKS_NOT_PUNCHED =
    { $days ->
        [zero] { $days } يوم عمل
        [one] يوم عمل واحد
        [two] يوما عمل
        [few] { $days } أيام عمل
        [many] { $days } يوم عمل
       *[other] { $days } يوم عمل
    } لـ { $people ->
        [zero] { $people } موظف
        [one] موظف واحد
        [two] موظفين
        [few] { $people } موظفين
        [many] { $people } موظفًا
       *[other] { $people } موظف
    } كان الدوام فيها مدة واحدة بلا انقطاع، ولم يُنجز خلال ساعتين أو أكثر منها شيء يُذكر بينما كان الآخرون يعملون. مع تسجيل فترات الراحة يُتوقع أن يكون نحو { $breaks } من سجلات الحساب مسندًا إلى غير من خدم، بدلًا من نحو { $now }
CREDIT_CLOCKS_APART =
    رسائل { $records ->
        [zero] { $records } سجل
        [one] سجل واحد
        [two] سجلين
        [few] { $records } سجلات
        [many] { $records } سجلًا
       *[other] { $records } سجل
    } بساعة تسبق ساعة السجلات بمقدار { $minutes } د و{ $seconds } ث: تُقرأ أبكر بهذا القدر
    .behind =
        رسائل { $records ->
            [zero] { $records } سجل
            [one] سجل واحد
            [two] سجلين
            [few] { $records } سجلات
            [many] { $records } سجلًا
           *[other] { $records } سجل
        } بساعة تتأخر عن ساعة السجلات بمقدار { $minutes } د و{ $seconds } ث: تُقرأ أبعد بهذا القدر
AMOUNTS_CONVERTED =
    حُوّلت مبالغ { $records ->
        [zero] { $records } سجل
        [one] سجل واحد
        [two] سجلين
        [few] { $records } سجلات
        [many] { $records } سجلًا
       *[other] { $records } سجل
    } من { $from } إلى { $to }، كل منها بسعر صرف يومه المحلي ومع التقريب مرة واحدة: { $rates }{ $more ->
        [0] { "" }
       *[other] { " " }و{ $more } غيرها
    }
REFUND_EXCEEDS_SALE =
    { $sales ->
        [zero] رُدّ من { $sales } بيع أكثر مما حققته، وتُحسب
        [one] رُدّ من بيع واحد أكثر مما حققه، ويُحسب
        [two] رُدّ من بيعين أكثر مما حققاه، ويُحسبان
        [few] رُدّ من { $sales } مبيعات أكثر مما حققته، وتُحسب
        [many] رُدّ من { $sales } بيعًا أكثر مما حققته، وتُحسب
       *[other] رُدّ من { $sales } بيع أكثر مما حققته، وتُحسب
    } بأقل من الصفر: { $named }{ $more ->
        [0] { "" }
       *[other] { " " }و{ $more } غيرها
    }
REGION_SAME = يكون النقل إلى منطقة غير { $region }
REPORT_NOT_A_MONTH = التقرير عن شهر تقويمي واحد، والدورة من { $from } إلى { $to }: أنشئ دورة لشهر
NOTHING_TO_TELL = لا يجوز الإفصاح عن أي وحدة: في كل منها أقل من خمسة موظفين، أو يُستدل بالطرح على أقل من ذلك
TRANSFER_NOT_PREPARED = حالة النقل بالفعل { $stage }
TRANSFER_NOT_APPROVED = ينتظر النقل موافقة شخص آخر
TRANSFER_DROPPED = حالة النقل { $stage }: حضّر نقلًا آخر
TRANSFER_RELEASED = أُطلق النقل من قبل: لا يُسترد ما أُفصح عنه
TRANSFER_STALE = أُطلق في هذه الأثناء تقرير آخر عن الشهر، ومعًا يكشفان عن أقل من خمسة موظفين: حضّره من جديد
TRANSFER_MALFORMED = ليس هذا هو الملف المتوقع هنا، أو ليس كله: أرسل الملف كاملًا كما أعطاه ReleaseTransfer أو ExportStandard
TRANSFER_SIGNATURE_WRONG = الملف غير موقّع من منظومة { $region }: إما أنه غُيّر أو أن مفتاحها العام الجديد غير موجود هنا
REGION_KEY_UNKNOWN = لا يُعرف هنا مفتاح عام للمنطقة { $region }: ضع ملفها performance.pub في مجلد المفاتيح باسم regions/{ $region }.pub
TRANSFER_OF_ANOTHER_GROUP = الملف لمجموعة أخرى
TRANSFER_ALREADY_EXISTS = استُورد الملف من قبل
TRANSFER_KIND_EXPECTED = اذكر ما يُنقل: تقرير أو الدليل

## Compensation

CYCLE_NOT_PUBLISHED = قد تتغير الدرجات بعد: انشر الدورة أولًا
    .report = الدورة غير منشورة: التقارير تفصح عما هو نهائي
    .correct = الدورة غير منشورة، فلا شيء لتصحيحه: أغلقها من جديد فتقرأ ما هو محسوب الآن
RESULT_VERSION_UNKNOWN = ليس للدورة إصدار كهذا من نتيجتها، أو لم يكن قد نُشر أي إصدار حينئذ: اطلب إصداراتها عبر ListCardVersions
VERSION_TWICE = اذكر إصدارًا أو لحظة، لا كليهما
CYCLE_CORRECTION_UNDERWAY = التصحيح { $cycle } لهذه الدورة غير منشور، ويذكر سببًا آخر أو إصدارًا آخر من الخطة: اطلب بما يذكره ليُحسب من جديد، أو انشره (PublishCycle)، أو تخلّص منه (CancelCycle) واطلب ثانية
CORRECTION_CHANGES_NOTHING = كل بطاقة كما نُشرت، فلا شيء لنشره: تخلّص من التصحيح (CancelCycle)؛ وبعد تصحيح شيء مما تستند إليه الدورة اطلبه من جديد
ACCOUNTS_EXPECTED = اذكر حسابًا واحدًا على الأقل، و{ $most } على الأكثر
ACCOUNT_UNKNOWN_HERE = لا يوجد حساب { $account } يحق لك السؤال عنه: ابحث عن المعرّف عبر ListAccounts
UNIT_UNKNOWN_HERE = لا توجد وحدة { $unit } ضمن ما تُبدأ له العملية: ابحث عن المعرّف عبر ListOrgUnits، أو اطلب بدء العملية لوحدة أعلى
ACCOUNTS_OR_SCHEME = إما حسابات أو خطة، لا كلتاهما: احذف إحداهما
POOL_WITHOUT_PEOPLE = ليس للصندوق من يدفع له: ليست في الدورة بطاقة تقييم لوحدة الصندوق
POOL_OUTSIDE_CYCLE = الصندوق لوحدة دورته أو لوحدة تحتها: اذكر وحدة كهذه، أو لا تذكر شيئًا فتُعتمد وحدة الدورة
PAY_OUTSIDE_UNIT =
    { $count ->
        [zero] لـ { $count } موظف بطاقات في الدورة ولم يكونوا ينتمون
        [one] لموظف واحد بطاقة في الدورة ولم يكن ينتمي
        [two] لموظفين بطاقتان في الدورة ولم يكونا ينتميان
        [few] لـ { $count } موظفين بطاقات في الدورة ولم يكونوا ينتمون
        [many] لـ { $count } موظفًا بطاقات في الدورة ولم يكونوا ينتمون
       *[other] لـ { $count } موظف بطاقات في الدورة ولم يكونوا ينتمون
    } إلى وحدة الصندوق في آخر أيام الدورة: { $people }. تدفع الوحدة لموظفيها: أغلق الدورة بمشمولين ليس فيهم غيرهم
    .correction =
        { $count ->
            [zero] لـ { $count } موظف بطاقات في الدورة ولم يكونوا ينتمون
            [one] لموظف واحد بطاقة في الدورة ولم يكن ينتمي
            [two] لموظفين بطاقتان في الدورة ولم يكونا ينتميان
            [few] لـ { $count } موظفين بطاقات في الدورة ولم يكونوا ينتمون
            [many] لـ { $count } موظفًا بطاقات في الدورة ولم يكونوا ينتمون
           *[other] لـ { $count } موظف بطاقات في الدورة ولم يكونوا ينتمون
        } إلى وحدة الصندوق في آخر أيام الدورة: { $people }. تدفع الوحدة لموظفيها: صحّح الدورة أولًا (CorrectCycle)، ثم أعدّ هذا التصحيح من جديد
POOL_NEGATIVE = لا يكون الصندوق أقل من لا شيء: اكتب مبلغًا يساوي 0 أو أكبر؛ لا تُسترد أموال عبر صندوق
ZERO_SCORES = لا توجد درجة أكبر من الصفر، فلا أساس للتقسيم: انظر في بطاقات الدورة أولًا
PART_WITHOUT_CLAIM = الجزء { $place } من الصندوق لا يذهب إلى أحد: لا تبلغ أي درجة شريحة لها وزن أو حدّه الأدنى؛ غيّر قاعدة الجزء
SETTLEMENT_NOT_DRAFT = حالة التسوية { $stage }، وليست مسودة
SETTLEMENT_NOT_APPROVED = حالة التسوية { $stage }؛ ولا تُرحَّل إلا تسوية معتمدة
SETTLEMENT_POSTED = التسوية المرحَّلة لا تتغير أبدًا: أعدّ تصحيحًا لها، فتدفع التسوية التالية الفرق
SETTLEMENT_NOT_POSTED = حالة التسوية { $stage }، ولا تُصحَّح إلا تسوية مرحَّلة: تخلّص منها وأعدّها من جديد
PAY_CORRECTION_WAITS = ينتظر التصحيح { $correction } للتسوية الموافقة عليه: وافق عليه أو اسحبه أولًا
NOTHING_TO_CORRECT = بحسب البطاقات الحالية يحصل كل موظف على ما أعطته التسوية وتصحيحاتها: صحّح الدورة أولًا، وإلا فلا شيء لتصحيحه
PAY_CORRECTION_NOT_DRAFT = حالة التصحيح { $stage }، وليس مسودة
DELTAS_WAIT_NOW = يُعرض ما ينتظر الدفع كما هو الآن: احذف known_at أو waiting_only
CORRECTION_REASON_MISSING = اذكر السبب: يظهر في كل كشف مستحقات
POOL_THERE = للصندوق { $pool } في هذه الدورة الاسم والمبلغ والقاعدة نفسها: سوِّ ذلك الصندوق، أو أعطِ هذا اسمًا آخر إن كان هناك مثل المبلغ مرة أخرى
POOL_PAID = رُحّلت تسوية للصندوق { $pool } من قبل، ولا يُدفع الصندوق إلا مرة واحدة: تخلّص من البقية، وأنشئ صندوقًا آخر باسم آخر إن كان هناك مزيد من المال
CARRY_MOVED = منذ إعداد هذه المسودة رُحّلت تسوية أخرى أو اعتُمد تصحيح، فانتقلت كسور القسمة: أعدّها من جديد
DELTA_SCORE = صُحّحت الدرجة من { $old } إلى { $new }
DELTA_AGAINST =
    { $by ->
        [fell] صُحّحت درجة الموظف من { $old } إلى { $new }، لكن درجات الآخرين انخفضت أكثر، من مجموع { $others_old } إلى { $others_new }: فكبرت الحصة من الصندوق
        [rose] صُحّحت درجة الموظف من { $old } إلى { $new }، لكن درجات الآخرين ارتفعت أكثر، من مجموع { $others_old } إلى { $others_new }: فصغرت الحصة من الصندوق
        [less] صُحّحت درجة الموظف من { $old } إلى { $new }، ودرجات الآخرين من مجموع { $others_old } إلى { $others_new }: وبقاعدة الصندوق صغرت الحصة منه مع ذلك
       *[more] صُحّحت درجة الموظف من { $old } إلى { $new }، ودرجات الآخرين من مجموع { $others_old } إلى { $others_new }: وبقاعدة الصندوق كبرت الحصة منه مع ذلك
    }
DELTA_ADDED = أُضيفت درجة { $score }
DELTA_REMOVED = سُحبت الدرجة { $score }
DELTA_OTHERS = صُحّحت درجات الآخرين، والصندوق يُقسَّم على الجميع
POOL_WITHOUT_PARTS = يلزم جزء واحد على الأقل
SHARES_NOT_WHOLE = مجموع الحصص { $sum } جزء من المليون، لا 1000000 تمامًا
PART_OF_NOTHING = جزء من لا شيء: احذفه
PART_RULE_MISSING = اذكر كيف يُقسَّم هذا الجزء: tiers أو proportional أو team_fund
PART_WITHOUT_TIERS = تلزم شريحة واحدة على الأقل
TIERS_OUT_OF_ORDER = اكتب الشرائح بدءًا بالأفضل، ولكل منها min_score أقل مما قبلها
TIERS_MIXED = أعطِ كل شريحة min_score، أو أعطِ كل شريحة حصة مقررة
TIERS_WITHOUT_WEIGHT = كل الأوزان صفر، فلن يحصل أحد على شيء
TIER_WEIGHTS_OUT_OF_ORDER = وزن شريحة أدنى أكبر من وزن شريحة أفضل
STATEMENT_AMOUNT =
    { $paid } عن درجة { $score }: { $than ->
        [less] أقل بمقدار { $difference } من
        [same] يساوي
       *[more] أكثر بمقدار { $difference } من
    } { $equal } التي كان سيدفعها التقسيم بالتساوي.
STATEMENT_WITHOUT_TIER = الجزء { $number } ({ $share } من الصندوق، { $part })، حسب الشرائح: لا تبلغ الدرجة أي شريحة، فالمبلغ { $amount }.
STATEMENT_TIER_WITHOUT_WEIGHT = الجزء { $number } ({ $share } من الصندوق، { $part })، حسب الشرائح: ليس للشريحة { $tier } وزن، فالمبلغ { $amount }.
STATEMENT_NOT_ABOVE_FLOOR = الجزء { $number } ({ $share } من الصندوق، { $part })، بالتناسب مع الدرجة: ليست أكبر من { $floor }، فالمبلغ { $amount }.
STATEMENT_PART = الجزء { $number } ({ $share } من الصندوق، { $part })، { $claim } من { $sum } إجمالًا؛ { $major } × { $weight } / { $sum } = { $rounded }{ $carried }؛ فالمبلغ { $amount }.
STATEMENT_BY_TIER = حسب الشرائح: وزن الشريحة { $tier } هو { $weight }
STATEMENT_ABOVE_FLOOR = بالتناسب مع الدرجة فوق { $floor }: النقاط { $points }
STATEMENT_BY_SCORE = بالتناسب مع الدرجة: النقاط { $points }
STATEMENT_EXACT = { $whole } تمامًا
STATEMENT_ROUNDED =
    { $whole } و{ $fraction } من { $smallest }؛ { $came ->
        [yes] جاءت إلى هنا وحدة من كسور القسمة التي قدر كل منها { $smallest } وعددها { $units }
       *[no] لم تأت إلى هنا أي وحدة من كسور القسمة التي قدر كل منها { $smallest } وعددها { $units }
    }
STATEMENT_CARRIED = ؛ مرحَّل من السابق { $before }، ومرحَّل إلى التالي { $after }

## The bundle: what is said of files, rows and settings. A reason and its cure are two cells of rejected.csv

UNUSABLE = { $file }: { $problem }. { $cure }.
SEVERAL_PROBLEMS = { $problems }
REASON_ALSO = { $reason }؛ وكذلك { $column }: { $more }
AND_MORE_ROWS =
    { $count ->
        [zero] استُبعد { $count } صف آخر من هذا الملف
        [one] استُبعد صف آخر من هذا الملف
        [two] استُبعد صفان آخران من هذا الملف
        [few] استُبعدت { $count } صفوف أخرى من هذا الملف
        [many] استُبعد { $count } صفًا آخر من هذا الملف
       *[other] استُبعد { $count } صف آخر من هذا الملف
    }
AND_MORE_ROWS_CURE = أصلح الصفوف أعلاه أولًا: فالبقية تفشل غالبًا للأسباب نفسها
AND_MORE_FINDINGS = والمزيد من النوع نفسه
FIRST_REJECTED = السطر { $line }{ $column }: { $reason } ({ $cure })
FIRST_REJECTED_COLUMN = ، العمود { $column }
EVERY_ROW_REJECTED = ؛ استُبعدت كل الصفوف: { $first }
ROWS_REJECTED =
    { $count ->
        [zero] ؛ استُبعد { $count } صف، أولها: { $first }
        [one] ؛ استُبعد صف واحد: { $first }
        [two] ؛ استُبعد صفان، أولهما: { $first }
        [few] ؛ استُبعدت { $count } صفوف، أولها: { $first }
        [many] ؛ استُبعد { $count } صفًا، أولها: { $first }
       *[other] ؛ استُبعد { $count } صف، أولها: { $first }
    }
HINT_NEAR = ؛ هل المقصود { $near }؟
HINT_MEANT = { " " }(هل المقصود { $near }؟)
HINT_MEANT_AS = { " " }(هل المقصود { $near } في مكان { $column }؟)
HINT_THERE_IS = { " " }(يوجد { $near })
NO_FOLDER = لا يمكن قراءته مجلدًا ({ $error })
NO_FOLDER_CURE = اذكر المجلد الذي فيه people.csv و accounts.csv و records.csv
MISSING_FILE = غير موجود في { $folder }{ $hints }
MISSING_FILE_CURE = أضف الملف بهذا الاسم تمامًا؛ يصف docs/bundle.md كل الملفات
NOT_A_FILE = ليس ملفًا
NOT_A_FILE_CURE = ضع مكانه ملف CSV أو YAML
UNREADABLE = لا يمكن قراءته ({ $error })
UNREADABLE_CURE = تحقق من الملف وأذوناته
UNKNOWN_FILE = لا شيء يقرأ هذا الملف{ $hint }
EMPTY_OPTIONAL_FILE = الملف فارغ وقد جرى تجاوزه
THE_PERIOD = الفترة
PERIOD_BACKWARDS_CURE = بدّل بين --from و --to
PERIOD_HALF = ينقص أحد طرفيها
PERIOD_HALF_CURE = اذكر --from و --to معًا، أو لا تذكر أيًا منهما
PERIOD_OF_DAYS =
    في الفترة { $days ->
        [zero] { $days } يوم
        [one] يوم واحد
        [two] يومان
        [few] { $days } أيام
        [many] { $days } يومًا
       *[other] { $days } يوم
    }، ولا يُغلق دفعة واحدة أكثر من { $most }
PERIOD_OF_DAYS_CURE = أغلقها على أجزاء
TEAM_WITHOUT_PEOPLE = لا أحد في people.csv ينتمي إلى فريقه { $team }
BRANCH_WITHOUT_PEOPLE = لا أحد في people.csv ينتمي إلى هذا الفرع
TOO_LARGE_SETTINGS = أكبر من 1 MiB
TOO_LARGE_SETTINGS_CURE = الإعدادات صفحة نص: تأكد أن الملف الصحيح يحمل هذا الاسم
NOT_VALID_TEXT = ليس نصًا صحيحًا
NOT_VALID_TEXT_CURE = احفظه بترميز UTF-8
ZERO_BYTES = فيه بايتات صفرية لا توجد في أي ملف CSV أو YAML
ZERO_BYTES_CURE = صدّره من جديد بصيغة CSV وترميز UTF-8 (ملف الجدول الإلكتروني ليس ملف CSV)
UNKNOWN_ENCODING = نصه ليس بترميز UTF-8 ولا UTF-16 ولا GBK (يبدو أنه { $encoding })
BAD_YAML = ليس YAML صحيحًا: { $cause } (يقول المحلّل «{ $said }»)
    .at = ليس YAML صحيحًا في السطر { $line } والعمود { $column }: { $cause } (يقول المحلّل «{ $said }»)
YAML_KEY_TWICE = المفتاح { $key } مذكور مرتين
    .lines = المفتاح { $key } مذكور مرتين، في السطر { $first } وفي السطر { $second }
YAML_TAB = توجد علامة جدولة حيث لا تجوز سوى المسافات
YAML_NOT_CLOSED = قوس أو علامة اقتباس مفتوحة لم تُغلق
YAML_NO_VALUE = يُتوقع وجود قيمة هناك
YAML_BAD_START = لا تبدأ قيمة بهذه العلامة: ضع النص بين علامتي اقتباس
YAML_SIGN = النص الذي يبدأ بـ & أو * أو ! إشارة أو وسم: ضعه بين علامتي اقتباس
YAML_ESCAPE = الشرطة المائلة العكسية بين علامتي اقتباس مزدوجتين تبدأ حرفًا خاصًا: ضاعفها أو استخدم علامتي اقتباس مفردتين
YAML_STRUCTURE = مفتاح أو نقطتان رأسيتان أو مسافة بادئة في غير موضعها هناك
YAML_OTHER = لا يمكن قراءته هناك
BAD_YAML_CURE = أصلح YAML هناك: مسافتان لكل مستوى، ومسافة بعد كل نقطتين رأسيتين
YAML_KEY_TWICE_CURE = أبقِ المقصود واحذف الآخر
YAML_NUMBER_TOO_LARGE = أحد الأعداد أكبر من أن يُقرأ (يقول المحلّل: «{ $said }»)
YAML_NUMBER_TOO_LARGE_CURE = اكتب عددًا أصغر
YAML_UNSEEN = في السطر { $line } الحرف { $character } الذي لا يراه أحد
YAML_UNSEEN_CURE = احذف ذلك الحرف، أو اكتب السطر من جديد
INVALID_SETTINGS_CURE = صحّح هذه القيم؛ في docs/bundle.md أمثلة

## The bundle: tables

EMPTY_FILE = فارغ
EMPTY_FILE_CURE = املأه: سطره الأول { $header }
NOT_CSV = ليس ملف CSV له سطر عناوين: { $why }
NOT_CSV_CURE = صدّره بصيغة CSV؛ سطره الأول { $header }
    .named = احذف السطر الذي فيه `sep=`، أو احفظ الملف من جديد بفاصل واحد
NOT_CSV_NO_END = سطره الأول بلا نهاية أو فيه علامة اقتباس لم تُغلق
NOT_CSV_NO_TEXT = سطره الأول ليس نصًا
NOT_CSV_NO_COLUMN = سطره الأول لا يذكر أيًا من الأعمدة
    .named_not = سطره الأول يقول `sep={ $named }`، بينما يفصل `{ $sign }` سطر العناوين الذي تحته
    .named_not_tab = سطره الأول يقول `sep={ $named }`، بينما تفصل علامات الجدولة سطر العناوين الذي تحته
CONVERTED_ENCODING = قُرئ بترميز { $encoding } وحُوّل إلى UTF-8
SEPARATED_BY_TAB = الأعمدة مفصولة بعلامة جدولة
SEPARATED_BY_SIGN = الأعمدة مفصولة بالعلامة { $sign }
SEPARATED_BY_SEMICOLON = الأعمدة مفصولة بفاصلة منقوطة
LINE_TOO_LONG = السطر أطول من 1 MiB
LINE_TOO_LONG_CURE = تحقق أين ضاعت نهاية السطر
TOO_MANY_CELLS =
    فيه { $cells ->
        [zero] { $cells } خلية
        [one] خلية واحدة
        [two] خليتان
        [few] { $cells } خلايا
        [many] { $cells } خلية
       *[other] { $cells } خلية
    }، وفي سطر العناوين { $columns }
TOO_MANY_CELLS_CURE = ضع الخلية التي فيها فاصلة أو علامة اقتباس بين علامتي اقتباس مزدوجتين
NOT_TEXT_IN_ENCODING = فيه بايتات ليست نصًا بترميز الملف
UNSEEN_CHARACTER = فيه الحرف { $character } الذي لا يراه أحد
UNSEEN_CHARACTER_CURE = احذفه: اكتب الخلية من جديد، أو نظّف العمود في البرنامج الذي يصدّره
OPEN_QUOTE = علامة اقتباس فيه تفتح خلية لم تُغلق في موضعها
OPEN_QUOTE_CURE = ضاعف علامات الاقتباس داخل الخلية، كما في "5"" screen"
UNBALANCED_QUOTES = علامات الاقتباس فيه غير متوازنة في مواضع كثيرة جدًا، آخرها في السطر { $line }
UNBALANCED_QUOTES_CURE = صدّره من جديد بصيغة CSV: علامات الاقتباس داخل الخلية تُضاعَف
COLUMN_TWICE = العمود { $column } مذكور مرتين
    .names = العمود { $column } مذكور مرتين: «{ $one }» و«{ $other }»
COLUMN_TWICE_CURE = أبقِ أحدهما، أو أعطِ الآخر اسمًا آخر
MISSING_COLUMNS = ليس في سطر عناوينه العمود { $columns }{ $hints }
MISSING_COLUMNS_CURE = أضفه؛ سطر العناوين الكامل { $header }
MISSING_KIND_CURE = أضفه؛ سطر العناوين الكامل { $header }؛ أو اكتب `punches: alternating` أو `punches: first_last` في group.yaml
MISSING_COLUMN = لا يوجد عمود كهذا: يُعد فارغًا في كل الصفوف
UNKNOWN_COLUMN = لا شيء يقرأ هذا العمود{ $hint }
EQUAL_ROWS = أُخذت الصفوف المتساوية مرة واحدة (تُرك { $count })

## The bundle: cells

IT_IS_EMPTY = فارغ
IT_IS_EMPTY_CURE = املأه
TOO_MANY_CHARACTERS =
    أطول من { $most ->
        [zero] { $most } حرف
        [one] حرف واحد
        [two] حرفين
        [few] { $most } أحرف
        [many] { $most } حرفًا
       *[other] { $most } حرف
    }
TOO_MANY_CHARACTERS_CURE = قصّره
TOO_MANY_MEASURES = في الصف أكثر من { $most } من المقاييس إلى جانب الأعمدة المعروفة
TOO_MANY_MEASURES_CURE = احذف الأعمدة التي لا يقيسها شيء
NO_TIME_ZONE = «{ $text }» ليست منطقة زمنية
NO_TIME_ZONE_CURE = اكتب اسمًا من IANA مثل Asia/Shanghai
STANDS_FOR_NO_VALUE = «{ $text }» يعني عدم وجود قيمة
STANDS_FOR_NO_VALUE_CURE = اكتب المعرّف؛ وإن لم يوجد فاحذف الصف
FORMULA_FAILED = «{ $text }» هو ما يعرضه جدول إلكتروني حين تفشل صيغة، وليس قيمة
FORMULA_FAILED_CURE = أصلح الصيغة، أو صدّر العمود من مصدره؛ ولا تترك الخلية فارغة إلا حيث لا توجد قيمة
NEITHER_YES_NOR_NO = «{ $text }» ليس نعم ولا لا
NEITHER_YES_NOR_NO_CURE = اكتب true أو false أو 1 أو 0 أو yes أو no أو 是 أو 否، أو اتركه فارغًا
NO_SMALL_COUNT = «{ $text }» ليس عددًا صحيحًا من 1 إلى 1000
NO_SMALL_COUNT_CURE = اكتب عددًا كهذا
IT_IS_NEGATIVE = عدد سالب
IT_IS_NEGATIVE_CURE = اكتب عددًا يبدأ من 0، أو اتركه فارغًا
NUMBER_ABOVE_RANGE = { $text } أكبر من اللازم
NUMBER_ABOVE_RANGE_CURE = اكتب عددًا من 0 إلى { $most }، أو اتركه فارغًا إن لم يُقَس
NO_NUMBER = «{ $text }» ليس عددًا
    .comma = في «{ $text }» فاصلة، والأعداد تُكتب بنقطة وبلا فصل للمجموعات حين لا يكون في group.yaml إعداد `numbers`
    .exponent = في «{ $text }» أُسّ، والأعداد لا تُكتب به
NO_NUMBER_CURE = اكتب أرقامًا مع نقطة، مثل 12.5، أو اتركه فارغًا إن لم يُقَس
    .needed = اكتب أرقامًا مع نقطة، مثل 12.5، أو احذف الصف
NEGATIVE_AMOUNT = المبلغ { $text } سالب
NEGATIVE_AMOUNT_CURE = اكتب رد المبلغ في صف خاص به بمبلغ سالب ويذكر في refers_to قيمة external_id للبيع، أو اترك الخلية فارغة
NO_AMOUNT = «{ $text }» ليس مبلغًا
NO_AMOUNT_CURE = اكتب أرقامًا مع نقطة، مثل 1234.50، بلا رمز عملة، أو اذكر في group.yaml كيف تُكتب الأعداد: `numbers: { "{" }decimal: ".", grouping: ","{ "}" }` إن كان المقصود 1,234.50، و `numbers: { "{" }decimal: ",", grouping: "."{ "}" }` إن كان 1.234,50
    .yaml = اكتب أرقامًا مع نقطة، مثل 1234.50، بلا رمز عملة وبلا فصل للمجموعات
AMOUNT_DECIMALS = في { $text } خانات عشرية أكثر مما للعملة { $currency } ({ $digits })
    .told = في { $text } خانات عشرية أكثر مما للعملة { $currency } ({ $digits }): يقول group.yaml إن «{ $sign }» تسبق الخانات العشرية
AMOUNT_DECIMALS_CURE = قرّبه إلى أصغر وحدة للعملة، أو إن كان 1.234 يعني ألفًا ومئتين وأربعة وثلاثين فاذكر ذلك في group.yaml: `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
    .either = اكتب { $whole } أو { $decimal }، أيهما المقصود
    .round = قرّبه إلى أصغر وحدة للعملة
    .whole = اكتب { $whole } إن كان هو المقصود، أو قرّبه إلى أصغر وحدة للعملة
HUGE_AMOUNT = المبلغ { $text } أكبر من اللازم
HUGE_AMOUNT_CURE = تحقق من وحدة المبلغ: المطلوب الوحدة الأساسية للعملة
NO_DATE = «{ $text }» ليس تاريخًا
NO_DATE_CURE = اكتب السنة-الشهر-اليوم، مثل 2026-03-02
NO_TIME = «{ $text }» ليس وقتًا
NO_TIME_CURE = اكتب 2026-03-02 09:00:00، أو مع فرق التوقيت 2026-03-02T09:00:00+08:00
TIME_BEYOND_RANGE = الوقت خارج النطاق
TIME_BEYOND_RANGE_CURE = تحقق من السنة
TIME_SKIPPED = لم يوجد الوقت { $time } في { $zone }: قُدّمت الساعة من { $before } إلى { $after }
TIME_SKIPPED_CURE = اكتب الوقت مع فرق توقيته، مثل { $time }{ $offset }
THAT_ZONE = تلك المنطقة الزمنية
MAY_BE_GROUPED = «{ $text }» قد يكون عددًا عشريًا أو عددًا مفصول المجموعات
GROUPED_BY_SPACE = في «{ $text }» مسافات بين أرقامه
GROUPED_BY_SPACE_CURE = احذفها، أو اذكر في group.yaml كيف تُكتب الأعداد: `numbers: { "{" }decimal: ",", grouping: space{ "}" }` إن كان المقصود 1 234,50، و `numbers: { "{" }decimal: ".", grouping: space{ "}" }` إن كان 1 234.50
MAY_BE_GROUPED_CURE = اذكر في group.yaml كيف تُكتب الأعداد، مثل `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
NOT_AS_GROUP_YAML = «{ $text }» ليس مكتوبًا كما يقول group.yaml عن الأعداد
NOT_AS_GROUP_YAML_CURE = اكتب «{ $decimal }» قبل الخانات العشرية وبلا فصل للمجموعات، أو صحّح `numbers` في group.yaml
    .grouped = اكتب «{ $decimal }» قبل الخانات العشرية و«{ $grouping }» بين الآلاف، أو صحّح `numbers` في group.yaml
    .spaced = اكتب «{ $decimal }» قبل الخانات العشرية ومسافة بين الآلاف، أو صحّح `numbers` في group.yaml

## The bundle: people, accounts, aliases

SHORTENED_NUMBER = { $text } رقم اختصره جدول إلكتروني إلى أرقامه الأولى
EXPORT_AS_TEXT = صدّر العمود نصًا
EMPTY_SEGMENT = في «{ $text }» جزء فارغ
EMPTY_SEGMENT_CURE = اكتب المسار بشرطات مائلة مفردة بدءًا بالفرع، مثل East/Chat/Team 1
TOO_DEEP =
    في المسار { $depth ->
        [zero] { $depth } وحدة
        [one] وحدة واحدة
        [two] وحدتان
        [few] { $depth } وحدات
        [many] { $depth } وحدة
       *[other] { $depth } وحدة
    }
TOO_DEEP_CURE = اذكر { $most } من الوحدات على الأكثر بدءًا بالفرع
EMPLOYMENT_BACKWARDS = ينتهي التوظيف في { $left } قبل أن يبدأ في { $hired }
EMPLOYMENT_BACKWARDS_CURE = صحّح التواريخ؛ left_on هو آخر يوم عمل
NO_PEOPLE = لا يسمّي أي موظف{ $why }
NO_PEOPLE_CURE = أضف صفًا لكل موظف
NAMES_DIFFER = للأسطر { $lines } الرقم { $number } نفسه وتختلف في الاسم
NAMES_DIFFER_CURE = أعطِ كل موظف رقمًا خاصًا به، أو اكتب الاسم بالصورة نفسها في كل صفوف الرقم
ZONES_DIFFER = للأسطر { $lines } الرقم { $number } نفسه وتختلف في المنطقة الزمنية
ZONES_DIFFER_CURE = اكتب المنطقة الزمنية بالصورة نفسها في كل صفوف الرقم: للموظف منطقة واحدة
EMPLOYMENTS_OVERLAP = للأسطر { $lines } الرقم { $number } نفسه وتتداخل: { $one } و{ $other }
EMPLOYMENTS_OVERLAP_CURE = أبقِ صفًا واحدًا لكل موظف، أو أعطِ كل توظيف أيامه الخاصة: left_on هو آخرها
DAYS = { $from } إلى { $to }
TWO_LINES = { $one } و{ $other }
NO_END = بلا نهاية
MOVED = { $before } حتى { $until }؛ و{ $after } من { $from }
NO_ACCOUNTS = لا يسمّي أي حساب{ $why }
NO_ACCOUNTS_CURE = أضف صفًا لكل حساب في منصة
ACCOUNT_ROWS_DIFFER = صفوف هذا الحساب تختلف في المنطقة الزمنية أو الفريق أو exclusive
ACCOUNT_ROWS_DIFFER_CURE = اكتبها بالصورة نفسها في كل صفوفه
PHASES_ON_ONE_DAY = مرحلتان من هذا الحساب تبدآن في اليوم نفسه
PHASES_ON_ONE_DAY_CURE = أعطِ كل مرحلة يومها الأول
SLASH_IN_NAME = في «{ $text }» شرطة مائلة
SLASH_IN_NAME_CURE = لا تضع شرطات مائلة في أسماء المنصات والمتاجر والحسابات
NO_EMPLOYMENT_KIND = «{ $text }» ليس نوع توظيف
NO_EMPLOYMENT_KIND_CURE = اكتب full_time أو part_time أو fixed_term أو intern أو agency أو outsourced أو freelance، أو اترك الخلية فارغة
NO_CONTRIBUTORS = «{ $text }» لا يسمّي مساهمين
    .role = «{ $text }» لا يسمّي مساهمين: «{ $role }» ليس دورًا
    .twice = «{ $text }» يسمّي { $named } مرتين
    .many = «{ $text }» يسمّي مساهمين أكثر من { $max }، وهو أقصى ما يجوز للسجل
NO_CONTRIBUTORS_CURE = اكتب الدور=الرقم الوظيفي، وافصل بين عدة منها بالعلامة ;، والأدوار first_answer و closer و after_sales، مثل first_answer=A001;closer=A007
    .twice = احذف أحدهما: للشخص جزء واحد في الدور، وكذلك حين يعني لقب في aliases.csv والرقم الوظيفي الشخص نفسه
    .many = احذف بعضها، بحد أقصى { $max }
POLICY_SPLIT = اذكر إصدارًا، مع first_answer و closer و after_sales بنسب مئوية مجموعها 100
NO_PHASE = «{ $text }» ليس مرحلة
NO_PHASE_CURE = اكتب shared أو mixed أو named
CORRECT_THE_DATES = صحّح التواريخ
ALIAS_IS_A_NUMBER = { $alias } رقم وظيفي لشخص آخر
ALIAS_IS_A_NUMBER_CURE = ستُقرأ السجلات التي تحمله على أنها لذلك الشخص: غيّر اللقب
ALIAS_OF_TWO = { $alias } لشخصين في الوقت نفسه
ALIAS_TWICE = عدة صفوف تعطي { $alias } للشخص نفسه في أيام متداخلة
ALIAS_OF_TWO_CURE = أعطِ كل صف تاريخي from و to بلا تداخل
DEVICE_OF_NOTHING = لا رقم وظيفي ولا مقعد يبيّن لمن الجهاز
DEVICE_OF_BOTH = هو لشخص (employee_no) ولمقعد معًا
DEVICE_OF_BOTH_CURE = اكتب الرقم الوظيفي أو المقعد واترك الآخر فارغًا
DEVICE_TWICE = عدة صفوف تعطي { $device } للشخص أو المقعد نفسه من اليوم نفسه بنهايات مختلفة

## The bundle: whom and what a row means

NOT_IN_PEOPLE = { $number } ليس في people.csv
NOT_IN_PEOPLE_CURE = أضف الموظف إلى people.csv، أو صحّح الرقم
ROWS_OF_NUMBER_REJECTED = استُبعدت صفوف { $number } في people.csv
ROWS_OF_ACCOUNT_REJECTED = استُبعدت صفوف { $account } في accounts.csv
ROWS_OF_RECORD_REJECTED = استُبعدت صفوف السجل { $record } للحساب { $account } في records.csv
ROWS_OF_ALIAS_REJECTED = استُبعدت صفوف اللقب { $alias } على { $platform } في aliases.csv
ROWS_REJECTED_CURE = أصلحها أولًا: كل منها في rejected.csv مع علاجه
NAME_FOR_NUMBER = { $text } اسم، والمتوقع رقم (هل المقصود { $near }؟)
NAME_FOR_NUMBER_CURE = اكتب الرقم الوظيفي: لا تحل الألقاب محله إلا في العمودين agent و contributors من records.csv
    .agent = اكتب الرقم الوظيفي، أو اذكر اللقب في aliases.csv
LOST_ZEROS = { $text } ليس في people.csv (هل المقصود { $near }؟)
LOST_ZEROS_CURE = الجداول الإلكترونية تحذف الأصفار البادئة: صدّر العمود نصًا
GROUPED_NUMBER = { $text } ليس في people.csv (هل المقصود { $near }؟)
GROUPED_NUMBER_CURE = فصل جدول إلكتروني مجموعات أرقامه: صدّر العمود نصًا
ONE_OF_TWO = { $one } أو { $other }
SEVERAL_STORES = لدى عدة متاجر حساب { $account }
SEVERAL_STORES_CURE = اكتبه بالصورة المنصة/المتجر/الحساب
ACCOUNT_UNKNOWN_CURE = أضف الحساب إلى accounts.csv، أو صحّح اسمه
UNKNOWN_AGENT = { $agent } ليس في people.csv وليس لقبًا على { $platform }
ALIAS_NOT_THEN = اللقب { $agent } على { $platform } لا يشمل { $day }
UNKNOWN_AGENT_CURE = أضف الموظف إلى people.csv أو اللقب إلى aliases.csv، أو اترك agent فارغًا

## The bundle: records and duty

NO_RECORD_USABLE = ليس فيه سجل صالح للاستخدام{ $why }
NO_RECORD_IN_PERIOD = لا يبدأ أي سجل من { $from } إلى { $to }{ $others }{ $why }
RECORDS_OUTSIDE = { " " }(خارجها { $count })
NO_RECORDS_CURE = اذكر التواريخ التي فيها السجلات (--from و --to، أو period في group.yaml)، وأصلح الصفوف المستبعدة
OUTSIDE_PERIOD =
    { $count ->
        [zero] تُرك { $count } سجل لا تبدأ
        [one] تُرك سجل واحد لا يبدأ
        [two] تُرك سجلان لا يبدآن
        [few] تُركت { $count } سجلات لا تبدأ
        [many] تُرك { $count } سجلًا لا تبدأ
       *[other] تُرك { $count } سجل لا تبدأ
    } من { $from } إلى { $to } (مثل { $example })
OBSERVATIONS_OUTSIDE =
    { $count ->
        [zero] { $count } رصد ليست عن أيام من { $from } إلى { $to } ولا تُحسب
        [one] رصد واحد ليس عن أيام من { $from } إلى { $to } ولا يُحسب
        [two] رصدان ليسا عن أيام من { $from } إلى { $to } ولا يُحسبان
        [few] { $count } أرصاد ليست عن أيام من { $from } إلى { $to } ولا تُحسب
        [many] { $count } رصدًا ليست عن أيام من { $from } إلى { $to } ولا تُحسب
       *[other] { $count } رصد ليست عن أيام من { $from } إلى { $to } ولا تُحسب
    } في تلك الفترة (مثل { $example })
NO_PERIOD = لا يبيّن أي سجل أي فترة تُغلق
NO_PERIOD_CURE = اذكر تواريخها (--from و --to، أو period في group.yaml)
NO_RATE = «{ $text }» ليس سعر صرف
NO_RATE_CURE = اكتب أرقامًا مع نقطة واحدة على الأكثر، مثل 7.1234، بحد أقصى { $places } من الأرقام بعدها و18 إجمالًا
RATE_NOT_ABOVE_0 = سعر الصرف أكبر من 0
RATE_NOT_ABOVE_0_CURE = اكتب كم تساوي الوحدة من العملة الأولى بالعملة الثانية
RATE_OF_ONE_CURRENCY = هو سعر صرف عملة إلى نفسها
RATE_OF_ONE_CURRENCY_CURE = اكتب عملة أخرى في أحد العمودين
RATES_CONTRADICT = عدة صفوف تذكر قيمة العملات نفسها في اليوم نفسه: { $rates }
POPULATION_WITHOUT_PEOPLE = لا يسمّي population أحدًا معيّنًا من { $from } إلى { $to }
POPULATION_WITHOUT_PEOPLE_CURE = اكتب ما يقوله people.csv عن المقصودين، أو احذف population ({ $said })
POPULATION_COLUMN = { $column }: { $words }
POPULATION_OF_NOBODY = لا أحد في people.csv له { $column } «{ $word }»{ $hint }
TOO_MANY_REPLIES = فيه أكثر من { $most } من صفوف الرسائل
TOO_MANY_RECORDS = في الفترة أكثر من { $most } من السجلات
TOO_MANY_RECORDS_CURE = أغلق الفروع أو الأسابيع واحدًا واحدًا
SEVERAL_MONTHS =
    تبدأ سجلاته في { $count ->
        [zero] { $count } شهر
        [one] شهر واحد
        [two] شهرين
        [few] { $count } أشهر
        [many] { $count } شهرًا
       *[other] { $count } شهر
    } ({ $months })
SEVERAL_MONTHS_CURE = اذكر التواريخ المطلوب إغلاقها، مثل --from { $from } --to { $to }
RECORD_BACKWARDS = ينتهي في { $end } قبل أن يبدأ في { $start }
RECORD_BACKWARDS_CURE = صحّح الأوقات، أو بدّل بين العمودين
SHORTENED_ID_KEPT =
    { $count ->
        [zero] في { $count } صف
        [one] في صف واحد
        [two] في صفين
        [few] في { $count } صفوف
        [many] في { $count } صفًا
       *[other] في { $count } صف
    } اختصر جدول إلكتروني الرقم إلى أرقامه الأولى (مثل { $example }): صدّره نصًا؛ أُخذ كما هو
SHORTENED_CUSTOMER =
    { $count ->
        [zero] في { $count } صف
        [one] في صف واحد
        [two] في صفين
        [few] في { $count } صفوف
        [many] في { $count } صفًا
       *[other] في { $count } صف
    } اختصر جدول إلكتروني الرقم إلى أرقامه الأولى (مثل { $example }): صدّره نصًا؛ عُدّ فارغًا
VALUE_LOST_EMPTY =
    { $count ->
        [zero] في { $count } خلية
        [one] في خلية واحدة
        [two] في خليتين
        [few] في { $count } خلايا
        [many] في { $count } خلية
       *[other] في { $count } خلية
    } ما يعرضه جدول إلكتروني بدلًا من القيمة (مثل { $example }): عُدّ فارغًا
VALUE_LOST_KEPT =
    { $count ->
        [zero] في { $count } خلية
        [one] في خلية واحدة
        [two] في خليتين
        [few] في { $count } خلايا
        [many] في { $count } خلية
       *[other] في { $count } خلية
    } ما يعرضه جدول إلكتروني بدلًا من القيمة (مثل { $example }): أُخذ كما هو
NO_VALUE_TAKEN_AS_EMPTY =
    { $count ->
        [zero] { $count } خلية تعني
        [one] خلية واحدة تعني
        [two] خليتان تعنيان
        [few] { $count } خلايا تعني
        [many] { $count } خلية تعني
       *[other] { $count } خلية تعني
    } عدم وجود قيمة (مثل { $example }): عُدّت فارغة
UNSEEN_LEFT_OUT =
    { $count ->
        [zero] في { $count } خلية
        [one] في خلية واحدة
        [two] في خليتين
        [few] في { $count } خلايا
        [many] في { $count } خلية
       *[other] في { $count } خلية
    } أحرف لا يراها أحد: قُرئت بدونها (مثل { $example })
DECIMAL_TAKEN_AS_WHOLE =
    { $count ->
        [zero] كُتب { $count } عدد صحيح بصورة عدد عشري: قُرئت بدون الكسر
        [one] كُتب عدد صحيح واحد بصورة عدد عشري: قُرئ بدون الكسر
        [two] كُتب عددان صحيحان بصورة عدد عشري: قُرئا بدون الكسر
        [few] كُتبت { $count } أعداد صحيحة بصورة عدد عشري: قُرئت بدون الكسر
        [many] كُتب { $count } عددًا صحيحًا بصورة عدد عشري: قُرئت بدون الكسر
       *[other] كُتب { $count } عدد صحيح بصورة عدد عشري: قُرئت بدون الكسر
    } (مثل { $example })
ZEROS_APART =
    { $count ->
        [zero] في { $count } صف رقم
        [one] في صف واحد رقم
        [two] في صفين رقم
        [few] في { $count } صفوف رقم
        [many] في { $count } صفًا رقم
       *[other] في { $count } صف رقم
    } (مثل { $example }) تكتبه صفوف أخرى بأصفار بادئة: عُدّ رقمًا آخر؛ الجداول الإلكترونية تحذف الأصفار البادئة، فصدّر العمود نصًا
CONTRIBUTORS_NOBODY =
    { $count ->
        [zero] { $count } مساهم ليسوا
        [one] مساهم واحد ليس
        [two] مساهمان ليسا
        [few] { $count } مساهمين ليسوا
        [many] { $count } مساهمًا ليسوا
       *[other] { $count } مساهم ليسوا
    } في people.csv ولا في aliases.csv في يوم السجل (مثل { $example }): تُحسب السجلات، ويأخذ الجزء بقية المساهمين؛ أضف الموظف إلى people.csv أو اللقب إلى aliases.csv، أو صحّح الاسم، ثم أغلق من جديد
LONG_RECORDS =
    { $count ->
        [zero] { $count } سجل تستمر
        [one] سجل واحد يستمر
        [two] سجلان يستمران
        [few] { $count } سجلات تستمر
        [many] { $count } سجلًا تستمر
       *[other] { $count } سجل تستمر
    } { $hours ->
        [zero] { $hours } ساعة
        [one] ساعة واحدة
        [two] ساعتين
        [few] { $hours } ساعات
        [many] { $hours } ساعة
       *[other] { $hours } ساعة
    } أو أطول (مثل { $example }): ربما كانت أوقات حالة لم يغلقها أحد
REPLY_WITHOUT_RECORD = ليس للحساب { $account } سجل { $record } في records.csv{ $hint }
    .elsewhere = ليس للحساب { $account } سجل { $record } في records.csv، لكنه موجود للحساب { $other }
REPLY_WITHOUT_RECORD_CURE = أضف السجل إلى records.csv (إن تعذّرت قراءة صفه فهو في rejected.csv)، أو صحّح الحساب أو المعرّف
REPLIES_ABOVE_MOST =
    للسجل { $record } للحساب { $account } { $count ->
        [zero] { $count } رسالة
        [one] رسالة واحدة
        [two] رسالتان
        [few] { $count } رسائل
        [many] { $count } رسالة
       *[other] { $count } رسالة
    }: أُخذت أولى { $most } منها، وتُركت البقية وعددها { $rows } بدءًا من { $at }
CLAIM_OF_BOTH = تذكر السجل { $record } والعميل { $customer }
CLAIM_OF_BOTH_CURE = أبقِ أحدهما؛ وبدونهما تكون مطالبة بالسجل التالي على الحساب
REPLIES_ABOVE_MOST_CURE = صدّر السجل من جديد: هذا العدد من الرسائل لعدة سجلات تحت معرّف واحد
REPLIES_OUTSIDE_PERIOD =
    { $count ->
        [zero] تُركت { $count } رسالة
        [one] تُركت رسالة واحدة
        [two] تُركت رسالتان
        [few] تُركت { $count } رسائل
        [many] تُركت { $count } رسالة
       *[other] تُركت { $count } رسالة
    } من سجلات لا تبدأ من { $from } إلى { $to } (مثل { $example })
CLAIMS_OUTSIDE_PERIOD =
    { $count ->
        [zero] تُركت { $count } مطالبة
        [one] تُركت مطالبة واحدة
        [two] تُركت مطالبتان
        [few] تُركت { $count } مطالبات
        [many] تُركت { $count } مطالبة
       *[other] تُركت { $count } مطالبة
    } لم تُقدَّم من { $from } إلى { $to } (مثل { $example })
RECORD_TOO_LONG =
    يستمر { $days ->
        [zero] { $days } يوم
        [one] يومًا واحدًا
        [two] يومين
        [few] { $days } أيام
        [many] { $days } يومًا
       *[other] { $days } يوم
    }، من { $start } إلى { $end }
RECORD_TOO_LONG_CURE =
    صحّح التواريخ: لا يستمر سجل أكثر من { $most ->
        [zero] { $most } يوم
        [one] يوم واحد
        [two] يومين
        [few] { $most } أيام
        [many] { $most } يومًا
       *[other] { $most } يوم
    }
NO_ROWS = فيه سطر عناوين ولا صف تحته
NO_ROWS_CURE = صدّر سجلات الشهر من جديد مع صفوفها
DUPLICATE_RECORD = تكرر هذا المعرّف الخارجي عدة مرات بالمحتوى نفسه: أُخذ مرة واحدة (تُرك { $count })
    .revised =
        تكرر هذا المعرّف الخارجي بعدة مراجعات: تُحسب { $revision } ({ $count ->
            [zero] تُرك { $count } صف من مراجعات سابقة
            [one] تُرك صف واحد من مراجعة سابقة
            [two] تُرك صفان من مراجعات سابقة
            [few] تُركت { $count } صفوف من مراجعات سابقة
            [many] تُرك { $count } صفًا من مراجعات سابقة
           *[other] تُرك { $count } صف من مراجعات سابقة
        })
DUPLICATE_ROW_REVISED =
    تكرر بعدة مراجعات: تُحسب { $revision } ({ $count ->
        [zero] تُرك { $count } صف من مراجعات سابقة
        [one] تُرك صف واحد من مراجعة سابقة
        [two] تُرك صفان من مراجعات سابقة
        [few] تُركت { $count } صفوف من مراجعات سابقة
        [many] تُرك { $count } صفًا من مراجعات سابقة
       *[other] تُرك { $count } صف من مراجعات سابقة
    })
REFUND_PAYS_NOTHING = يشير الصف إلى سجل آخر فهو رد لمبلغ، ومبلغه ليس سالبًا
REFUND_PAYS_NOTHING_CURE = اكتب المبلغ المردود بعلامة ناقص، أو اترك refers_to فارغًا
REVISED_TWICE = يذكر الصف مراجعة ووقت تغيير معًا
REVISED_TWICE_CURE = اترك أحدهما فارغًا
NO_CURRENCY = «{ $text }» ليس عملة
NO_CURRENCY_CURE = اكتب رمزًا من ISO 4217 مثل JPY، أو اتركه فارغًا لعملة المجموعة
NO_REVISION = «{ $text }» ليس مراجعة
NO_REVISION_CURE = اكتب عددًا صحيحًا يبدأ من 0، أو اتركه فارغًا
ID_TWICE_DIFFERENT =
    تكرر { $id } في { $account } { $count ->
        [zero] { $count } مرة
        [one] مرة واحدة
        [two] مرتين
        [few] { $count } مرات
        [many] { $count } مرة
       *[other] { $count } مرة
    } بمحتوى مختلف
ID_TWICE_SAME =
    تكرر { $id } في { $account } { $count ->
        [zero] { $count } مرة
        [one] مرة واحدة
        [two] مرتين
        [few] { $count } مرات
        [many] { $count } مرة
       *[other] { $count } مرة
    } بالمحتوى نفسه
ID_TWICE_CURE = أبقِ الصف الصحيح، أو أعطِ كل سجل external_id خاصًا به
ID_TWICE_SHORTENED_CURE = اختصر جدول إلكتروني المعرّفات إلى أرقامها الأولى: صدّر العمود نصًا
SHIFT_BACKWARDS = تنتهي المناوبة في { $end }، وليس بعد بدايتها في { $start }
SHIFT_BACKWARDS_CURE = المناوبة الليلية تنتهي في اليوم التالي: اكتب ذلك التاريخ
SECOND_OF_TWO =
    أُخّرت الساعة، ونهاية { $count ->
        [zero] { $count } صف
        [one] صف واحد
        [two] صفين
        [few] { $count } صفوف
        [many] { $count } صفًا
       *[other] { $count } صف
    } هي المرة الثانية التي أظهرت فيها هذا الوقت: فالأولى تسبق البداية (مثل { $example })
    .reply =
        أُخّرت الساعة، ووقت { $count ->
            [zero] { $count } رسالة
            [one] رسالة واحدة
            [two] رسالتين
            [few] { $count } رسائل
            [many] { $count } رسالة
           *[other] { $count } رسالة
        } هو المرة الثانية التي أظهرته فيها: فالأولى لا تقع ضمن السجل (مثل { $example })
FIRST_OF_TWO =
    أُخّرت الساعة، و{ $count ->
        [zero] في { $count } صف
        [one] في صف واحد
        [two] في صفين
        [few] في { $count } صفوف
        [many] في { $count } صفًا
       *[other] في { $count } صف
    } عُدّ الوقت الذي أظهرته مرتين، وهو بلا فرق توقيت، أولى المرتين (مثل { $example }): اكتب فرق التوقيت لتبيّن أيهما المقصود
LONG_SHIFT =
    المناوبة من { $start } إلى { $end } ليست أقصر من { $hours ->
        [zero] { $hours } ساعة
        [one] ساعة واحدة
        [two] ساعتين
        [few] { $hours } ساعات
        [many] { $hours } ساعة
       *[other] { $hours } ساعة
    }
LONG_SHIFT_CURE = صحّح أوقاتها؛ وإن كانت عدة مناوبات فاكتب صفًا لكل منها
SHIFT_ENDS_DIFFER = الأسطر { $lines } مناوبة واحدة للموظف نفسه على الحساب نفسه من { $start }، لكنها تنتهي في أوقات مختلفة ({ $one }، { $other })
SHIFT_SEATS_DIFFER = الأسطر { $lines } مناوبة واحدة للموظف نفسه على الحساب نفسه من { $start }، لكنها على مقاعد مختلفة
KEEP_THE_RIGHT_ROW = أبقِ الصف الصحيح
PUNCH_BOTH_WAYS = الأسطر { $lines } تسجيل حضور وانصراف لـ { $number } في وقت واحد، { $at }
HANDOVER_BOTH_WAYS = في الأسطر { $lines } يستلم { $number } الحساب { $account } ويسلّمه في وقت واحد، { $at }
HANDOVERS_AT_ODDS = الأسطر { $lines } انتقالات عهدة للحساب { $account } في وقت واحد، { $at }، لا يمكن أن تكون قد حدثت كلها
PUNCHES_ODD = عدد فردي من تسجيلات الدوام: { $count }؛ آخرها في { $at } بلا مقابل ({ $night })
PUNCHES_SINGLE = تسجيل دوام وحيد في { $at } بلا مقابل ({ $night })
PUNCHES_NIGHT = يتطلب الليل rosters.csv، أو cut_over في policy.yaml عند ساعة لا يعمل فيها أحد
PUNCHES_BETWEEN = تُركت تسجيلات الدوام بين الأول والأخير: { $count }
PUNCHES_ALONE = تسجيل الدوام في { $at } بلا مقابل ولا ينتج عنه وجود: أضف الناقص
PUNCHES_LONG = وجود أطول من 13 ساعة، من { $from } إلى { $to }: إن كان راحة بين ليلتين فاكتب kind أو rosters.csv
PUNCHES_AS_NIGHTS = فترات وجود تتجاوز نهاية يوم العمل: { $count } (أولها من { $from } إلى { $to })؛ وبحساب أيام العمل تصير الراحة بينها وجودًا، ويبيّن ذلك يقينًا kind أو rosters.csv
PUNCHES_EITHER_WAY = تسجيلات الدوام من { $from } إلى { $to } قد تكون أيامًا أو ليالي، إذ إن الأول والأخير بلا مقابل: عُدّت أيامًا؛ ويبيّن أيهما الصحيح kind أو rosters.csv
NEITHER_WORD = «{ $text }» ليس { $one } ولا { $other }
NEITHER_WORD_CURE = اكتب { $one } أو { $other }
NO_SUBJECT_KIND = «{ $text }» ليس نوعًا من الموضوعات
NO_SUBJECT_KIND_CURE = اكتب واحدًا من { $kinds }
UNIT_OF_NOBODY = { $unit } ليست وحدة ينتمي إليها أحد من people.csv أو حساب من accounts.csv{ $hint }
UNIT_OF_NOBODY_CURE = صحّح مسار الوحدة
STORE_UNKNOWN = لا حساب في accounts.csv يتبع { $store }{ $hint }
STORE_UNKNOWN_CURE = اكتب المنصة والمتجر كما في accounts.csv وبينهما /
NEITHER_DAYS_NOR_TIME = لا يذكر الأيام ولا الوقت
DAYS_AND_TIME = يذكر الأيام والوقت معًا
DAYS_AND_TIME_CURE = اترك from و to فارغين إن كان عن لحظة، أو at إن كان عن أيام
NEITHER_DAYS_NOR_TIME_CURE = املأ from (و to لأكثر من يوم) أو at، أحدهما فقط
NO_KIND_OF_FINDING = لا يوجد نوع ملاحظات كهذا
NO_KIND_OF_FINDING_CURE = احذف الملف: لا يوجد إلا في inputs/ من نتيجة
NO_COUNT = ليس عددًا من الأشياء
DELETE_THE_FILE = احذف الملف

## The bundle: settings. A sentence goes on from the name of the setting

SETTING = { $path } { $problem }
SETTING_WRONG = غير صحيح: { $reason }؛ { $cure }
SETTING_GROUPED = قيمته «{ $text }» مفصولة المجموعات، والأعداد في ملفات YAML لا تُفصل مهما قال `numbers` في group.yaml عن الخلايا: اكتب { $plain }
SETTING_GROUPED_OR_DECIMAL = قيمته «{ $text }» قد يُقصد بها عدد مفصول المجموعات، والأعداد في ملفات YAML لا تُفصل مهما قال `numbers` في group.yaml عن الخلايا: اكتب { $plain }، أو { $decimal } إن كان هو المقصود
SETTING_MISSING = غير موجود
SETTING_NO_MAPPING = ليس مجموعة مفاتيح وقيم
FILE_NO_MAPPING = الملف ليس مجموعة مفاتيح وقيم
SETTING_NO_TEXT = ليس نصًا
SETTING_TEXT_LENGTH = فارغ أو أطول من 200 حرف
SETTING_WITH_NUL = فيه الحرف NUL (U+0000): احذفه
SETTING_NOT_ONE_OF = قيمته «{ $text }» وليست واحدة من { $words }
SETTING_NO_DECIMAL = قيمته «{ $text }» وليست عددًا عشريًا بست خانات على الأكثر
SETTING_NOT_BETWEEN = قيمته { $number } وليست عددًا من { $least } إلى { $most }
SETTING_LOSSY_DECIMAL = قيمته «{ $text }» وليست عددًا عشريًا يُحفظ بدقة: ضعه بين علامتي اقتباس
SETTING_NO_WHOLE = قيمته «{ $text }» وليست عددًا صحيحًا من { $least } إلى { $most }
SETTING_NO_LIST = ليس قائمة
SETTING_PAIR_NO_TEXT = فيه مفتاح ليس نصًا
SETTING_NO_VALUE = بلا قيمة
SETTING_UNKNOWN_NEAR = ليس مفتاحًا معروفًا (هل المقصود { $near }؟)
SETTING_UNKNOWN = ليس مفتاحًا معروفًا (المعروف { $known })
SETTING_EMPTY = فارغ
SETTING_NOT_ABOVE_0 = ليس أكبر من 0
SETTING_BELOW_0 = أصغر من 0
GROUP_CURRENCY = ليس رمزًا من ثلاثة أحرف لاتينية كبيرة مثل CNY
GROUP_CURRENCY_UNKNOWN = قيمته { $code } وليست عملة سارية في ISO 4217: اكتب عملة مثل CNY
GROUP_PERIOD_BACKWARDS = قيمته { $to }، قبل from وهو { $from }
GROUP_PERIOD_TOO_LONG =
    ينتج فترة من { $days ->
        [zero] { $days } يوم
        [one] يوم واحد
        [two] يومين
        [few] { $days } أيام
        [many] { $days } يومًا
       *[other] { $days } يوم
    }، ولا يُغلق دفعة واحدة أكثر من { $most }: أغلقها على أجزاء
GROUP_REGION = يضع { $branch } في المنطقة { $region }: اكتب من 1 إلى 32 من a-z و0-9 و -، مثل cn-east
GROUP_SAME_SIGN = العلامة نفسها التي في decimal
POLICY_CUT_OVER = ليس وقتًا من "00:00" إلى "11:59" بين علامتي اقتباس
SCHEME_WEIGHTS = مجموع أوزانها { $sum } لا 100
SCHEME_ID_TAKEN = هو نفسه لمؤشر KPI سابق
SCHEME_WEIGHT = ليس أكبر من 0: احذف مؤشر KPI بدلًا من ذلك
SCHEME_CAP = قيمته { $cap }، وليست أكبر من الحد الأدنى { $floor }
SCHEME_RANGE = يزيد على الحد الأدنى { $floor } بأكثر من { $most }
SCHEME_SMALL_SAMPLE = لا معنى له إلا للنسب والمتوسطات: احذفه
SCHEME_OF_RECORDS = لا معنى له للمقياس records
SCHEME_OF_UNDEFINED = يذكر المقياس «{ $measure }» وهو ليس في measures{ $hint }
SCHEME_OF_MISSING = غير موجود: يذكر العمود المطلوب قياسه
SCHEME_OF_RESOLVED = عمود نعم أو لا، له نسبة وليس له مجموع ولا متوسط
SCHEME_TEST_MISSING = غير مكتمل: يبيّن at_most أو at_least أي السجلات تُحسب
SCHEME_TEST_USELESS = زائد: لا معنى لـ at_most و at_least هنا
SCHEME_MEASURES_TEXT = { $kpi } يقيس { $column }، وهو عمود فيه نص
    .cell = السطر { $line }: { $reason }
    .odd =
        { $kpi } يقيس { $column }، وهو عمود نص إذ { $count ->
            [zero] فيه { $count } خلية ليست أعدادًا
            [one] فيه خلية واحدة ليست عددًا
            [two] فيه خليتان ليستا عددين
            [few] فيه { $count } خلايا ليست أعدادًا
            [many] فيه { $count } خلية ليست أعدادًا
           *[other] فيه { $count } خلية ليست أعدادًا
        }: { $cells }
SCHEME_MEASURES_NOTHING = { $kpi } يقيس { $column }، وهو ليس عمودًا له قيم في records.csv{ $hint }
SCHEME_MEASURES_CURE = اذكر عمود أعداد من records.csv
    .odd = صحّح الخلايا، أو اذكر عمود أعداد من records.csv
SCHEME_MEASURES_UNCOMPUTED = { $path } (مؤشر KPI: { $kpi }) يقيس شيئًا لا يُحسب
MEASURE_UNKNOWN_CURE = قِس عدد السجلات، أو نسبة resolved، أو نسبة first_reply_seconds مع at_most 30، أو نسبة rating مع at_least 4، أو مجموع amount، أو متوسط عمود إضافي، أو أي شيء آخر بوصفه مقياسًا يعرّفه الملف في measures
POOL_CURRENCY = قيمته { $currency }، لكن مبالغ المجموعة بعملة { $group }
POOL_BELOW_0 = سالب: اكتب المال المطلوب تقسيمه، أكبر من 0
POOL_ZERO = قيمته 0: احذف الملف إن لم يكن هناك ما يُقسَّم
POOL_SHARES = مجموع حصصه { $sum } لا 100
POOL_SHARE = ليس أكبر من 0: احذف الجزء بدلًا من ذلك
POOL_TIERS_ELSEWHERE = لا معنى له إلا مع by: tiers
POOL_TIERS_MIXED = يخلط بين top_percent و at_least: استخدم أحدهما في كل الشرائح
POOL_TIERS_PERCENT = مجموع top_percent فيه { $sum } لا 100
POOL_TIERS_RISE = فيه at_least لا يتناقص من شريحة إلى أخرى
POOL_TIERS_WEIGHTS_RISE = فيه وزن أكبر من وزن شريحة أفضل: اكتب الشريحة الأفضل أولًا، ولا يزيد وزن كل منها على وزن ما قبلها
POOL_TIERS_WEIGHTLESS = كل أوزانه 0
POOL_TIER_RULE = أو at_least: يلزم أحدهما فقط
POOL_TIER_NAME_TAKEN = هو نفسه لشريحة سابقة
POOL_PERCENT_TOO_FINE = قيمته { $percent }: اكتب نسبة مئوية بأربع خانات عشرية على الأكثر
POOL_TIER_WEIGHT = أكبر من 1000000
POOL_SHARE_TOO_FINE = في { $percent } % أكثر من أربع خانات عشرية
POOL_SHARE_TOO_FINE_CURE = اكتب الحصص والنسب المقررة بأربع خانات عشرية على الأكثر
OTHER_PERIOD = هو للفترة من { $from } إلى { $to }، بينما تُغلق الفترة من { $closed_from } إلى { $closed_to }
OTHER_PERIOD_CURE = صحّح فترته، أو احذف الفترة منه
POOL_IN_EMPTY_PERIOD = فيه مال، لكن لا أحد من people.csv معيّن من { $from } إلى { $to }
POOL_WITHOUT_PEOPLE_CURE = صحّح hired_on و left_on، أو احذف الصندوق
SAVE_FILE_AS_UTF_8 = احفظ الملف بترميز UTF-8
JOINED = { $one }{ $other }

## The command line: what cannot be done

STEP_FAILED = الخطوة: { $step }
NOBODY_CREDITED_AT_ALL = لم يكن أحد على رأس العمل عند أي من سجلاته، ولا يسمّي أي منها موظف خدمته
    .people =
        { $rows ->
            [zero] استُبعد { $rows } صف
            [one] استُبعد صف واحد
            [two] استُبعد صفان
            [few] استُبعدت { $rows } صفوف
            [many] استُبعد { $rows } صفًا
           *[other] استُبعد { $rows } صف
        }، ولم يكن أحد من بقية الموظفين على رأس العمل عند أي سجل
    .duty =
        لم يكن أحد على رأس العمل عند أي من سجلاته، و{ $rows ->
            [zero] استُبعد { $rows } صف
            [one] استُبعد صف واحد
            [two] استُبعد صفان
            [few] استُبعدت { $rows } صفوف
            [many] استُبعد { $rows } صفًا
           *[other] استُبعد { $rows } صف
        } من جداول المناوبات أو تسجيلات الدوام أو انتقالات العهدة
NOBODY_EMPLOYED =
    لا أحد معيّن بين { $from } و{ $to }: { $people ->
        [zero] قُرئ { $people } موظف
        [one] قُرئ موظف واحد
        [two] قُرئ موظفان
        [few] قُرئ { $people } موظفين
        [many] قُرئ { $people } موظفًا
       *[other] قُرئ { $people } موظف
    }، { $rejected ->
        [0] ولم يُستبعد أي صف
        [zero] واستُبعد { $rejected } صف
        [one] واستُبعد صف واحد
        [two] واستُبعد صفان
        [few] واستُبعدت { $rejected } صفوف
        [many] واستُبعد { $rejected } صفًا
       *[other] واستُبعد { $rejected } صف
    }
NOBODY_EMPLOYED_CURE = صحّح hired_on و left_on، أو الفترة
RECORD_RATE_MISSING_CURE = اكتب سعر صرف ذلك اليوم أو يوم قبله، مع مصدره، في rates.csv (الأعمدة date, from, to, rate, source)
NOBODY_CREDITED_CURE = أحضر rosters.csv أو punches.csv أو handovers.csv لهذه الأيام، أو صحّح حساباتها وأوقاتها
    .rejected = أصلح تلك الصفوف أولًا: كل منها في rejected.csv مع علاجه
OUT_NOT_EMPTY = مجلد النتيجة ليس فارغًا
OUT_IN_USE = تشغيل آخر يكتب نتيجته هناك
OUT_NOT_EMPTY_CURE = اذكر مجلدًا آخر باستخدام --out، أو احذفه أولًا
BUNDLE_NOT_EMPTY = المجلد ليس فارغًا
BUNDLE_NOT_EMPTY_CURE = اذكر مجلدًا آخر باستخدام --bundle، أو احذفه أولًا
CLOSE_INTERRUPTED = أوقفتَ العمل: لم يبقَ منه شيء في { $folder }، والأمر نفسه يبدأ من جديد
FINDINGS_ARE_IN = يبيّن { $file } ما لوحظ
REJECTED_ROWS_ARE_IN = يذكر { $file } كل صف مستبعد
REJECTED_ROWS_UNWRITTEN = استُبعدت بعض الصفوف، وتعذّرت كتابة { $file }
STORE_IN_USE = تعمل عملية tally أخرى على البيانات في { $folder }، ومخزن SQLite لعملية واحدة في الوقت نفسه: أوقف تلك العملية، أو اذكر بيانات أخرى باستخدام --set database.url=sqlite://FOLDER/{ "{" }service{ "}" }.db
CURE_AND_REJECTED = { $cure }؛ يذكر { $file } كل صف مستبعد
NOT_IN_MONTH = لا يوجد في هذا الشهر سجل ولا موظف { $what }: اذكر external_id من records.csv، مثل { $record }، أو employee_no أو اسمًا من people.csv، مثل { $person }
NO_MANIFEST = ليس فيه manifest.json، فهو ليس مجلد نتيجة
MANIFEST_DOUBLE = يذكر الملف { $file } مرتين
MANIFEST_ELSEWHERE = يذكر الملف { $file } وهو ليس من ملفات المجلد
NO_MANIFEST_CURE = اذكر مجلدًا كتبه tally close (باستخدام --out)
BAD_MANIFEST = { $error }
RESTORE_FOLDER_CURE = استعد المجلد من حيث حُفظ
SUITE_NAMES_ANOTHER_PERSON = يسمّي النظام موظفًا { $id } ليس في الحزمة: هذا خطأ منا
SUITE_NAMES_ANOTHER_ACCOUNT = يسمّي النظام حسابًا { $id } ليس في الحزمة: هذا خطأ منا
SUITE_LISTS_LESS = لا يعرض النظام ما كُتب للتو: هذا خطأ منا
CYCLE_WATCH_ENDED = توقفت الخدمة عن الإخبار عن الدورة قبل إغلاقها: أعد المحاولة
RECORDS_DO_NOT_ADD_UP =
    { $sent ->
        [zero] دخل { $sent } سجل
        [one] دخل سجل واحد
        [two] دخل سجلان
        [few] دخلت { $sent } سجلات
        [many] دخل { $sent } سجلًا
       *[other] دخل { $sent } سجل
    }، وتعدّ الدورة { $counted }، وخرج { $told }: هذا خطأ منا
CANNOT_MAKE_FOLDER = تعذّر إنشاء المجلد { $folder }: { $error }
CANNOT_READ = تعذّرت قراءة { $file }: { $error }
CANNOT_WRITE = تعذّرت كتابة { $file }: { $error }
IO_NOT_FOUND = غير موجود
IO_PERMISSION_DENIED = لا يحق ذلك لهذا المستخدم
IO_ALREADY_EXISTS = موجود بالفعل: اذكر غيره، أو أبعده أولًا
IO_IS_A_FOLDER = هذا مجلد
IO_NOT_A_FOLDER = جزء من المسار ليس مجلدًا
IO_FOLDER_NOT_EMPTY = المجلد ليس فارغًا
IO_DISK_FULL = القرص ممتلئ
IO_READ_ONLY = القرص للقراءة فقط
IO_ADDRESS_IN_USE = برنامج آخر يستمع هناك
IO_ADDRESS_NOT_HERE = ليس لهذا الجهاز عنوان كهذا
IO_NOT_TEXT = ليس نصًا بترميز UTF-8
IO_NOBODY_LISTENS = لا أحد يستمع هناك
IO_NO_ANSWER = لم يصل رد في الوقت المحدد
IO_NO_WAY_THERE = لا طريق إلى هناك من هذا الجهاز
IO_NO_SUCH_HOST = لا يوجد مضيف بهذا الاسم
IO_FOLDER_CLOSED = مجلده لا يسمح بكتابته
TLS_SAYS = تقول مكتبة TLS: { $cause }
SERVER_SAYS = يقول: { $cause }
IO_OTHER = يقول نظام التشغيل: { $cause }
CURE_ALREADY_DIFFERENT = صحّح الصف إن كان النظام على صواب؛ وإن كان الصف صحيحًا فصحّح الواقعة في النظام: الاستيراد لا يستبدل شيئًا
CURE_DIFFERENT_CONTENT = صحّح الصف إن كان النظام على صواب، أو أعطه مراجعة أعلى إن كان الصف صحيحًا: الاستيراد لا يستبدل شيئًا بدونها
CURE_REFERS_TO_NOTHING = استورد أولًا السجل الذي يشير إليه، أو صحّح refers_to
CURE_PERSON_UNKNOWN = أضف الموظف إلى people.csv ثم استورد من جديد
CURE_ACCOUNT_UNKNOWN = أضف الحساب إلى accounts.csv ثم استورد من جديد
CURE_ALIAS_OVERLAP = أنهِ أحد معنيي اللقب (العمود to) قبل أن يبدأ الآخر
CURE_PLACE_WRONG = صحّح الفريق في accounts.csv، أو منطقة فرعه في group.yaml
CURE_OUT_OF_REACH = اطلب استيراد الصف ممن تشمل صلاحياته فريقه، فربما انتقل إلى فرع آخر، أو احذف الصف
CURE_RECORD_OUT_OF_REACH = اطلب استيراد الصف ممن كان لديه فريق الحساب في يومه، أو من المجموعة
CURE_REPLY_RECORD_UNKNOWN = استورد السجل مع رسائله، أو اطلب استيرادها ممن يحق له إدخال سجلات يومه
CURE_CLAIM_WITHDRAWN = احذف الصف: سُحبت المطالبة مع ذكر السبب
CURE_ROWS_CONTRADICT = أبقِ الصف الصحيح ثم استورد من جديد
CURE_KEPT_BACK = صحّح أولًا ما يقوله هذا الملف عن ذلك الصف، أو اطلب استيراده ممن تشمله صلاحياته، ثم استورد من جديد: يدخل هذا معه
CURE_PERIOD_PURGED = اطلب أولًا تمديد مدة الاحتفاظ ببيانات هذه الأشهر (SetRetention، 120 شهرًا على الأكثر)، ثم استورد من جديد، أو احذف الصف
CURE_REFUSED_ROW = صحّح المذكور ثم استورد من جديد: الصفوف التي دخلت تُعد موجودة بالفعل
    .file = صحّح المذكور، أو احذف الصف

## Settings and arguments

SETTING_CANNOT_HOLD = الإعداد { $key }: { $problem }
SETTING_SET_IN = { $problem } ({ $place })
SETTING_IN_FILE = مضبوط في الملف { $file }
SETTING_IN_VARIABLE = مضبوط بمتغيّر البيئة { $name }
SETTING_ON_COMMAND_LINE = مضبوط في سطر الأوامر
SETTING_NOT_KNOWN = لا يوجد إعداد كهذا؛ في هذا الموضع يوجد { $known }
SETTING_EXPECTED = قيمته { $found }، والمتوقع { $expected }
    .alone = المتوقع { $expected }
SETTINGS_NOT_TOML = الملف ليس TOML: تأكد أن كل سطر [SECTION] أو KEY = VALUE
    .at = الملف ليس TOML بدءًا من السطر { $line } والعمود { $column }: تأكد أن كل سطر [SECTION] أو KEY = VALUE وأن النصوص بين علامتي اقتباس
SETTING_FILE_MISSING = لا يوجد ملف { $file }
SETTING_FILE_EMPTY = { $file } فارغ
SETTING_SERVICE_UNKNOWN = لا توجد خدمة { $name }؛ الموجود { $known }
SETTING_SERVICES_NONE = اذكر واحدة على الأقل من { $known }
SETTING_PEER_MISSING = الخدمة { $name } ليست في هذه العملية (server.services): اذكر أين هي، https://host:port
SETTING_AT_LEAST_ONE = المتوقع 1 على الأقل
SETTING_AT_MOST = المتوقع { $most } على الأكثر
SETTING_SERVICE_TWICE = الخدمة { $name } مذكورة مرتين: اذكر كل خدمة مرة واحدة
SETTING_DATABASE_URL = المتوقع sqlite://DIRECTORY/{ "{" }service{ "}" }.db أو postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_SERVICE_IN_URL = لكل خدمة ملف خاص بها: اكتب { "{" }service{ "}" } في اسمه، sqlite://DIRECTORY/{ "{" }service{ "}" }.db، أو sqlite:///DIRECTORY/{ "{" }service{ "}" }.db لمجلد يبدأ بـ /
    .role = تدخل كل خدمة بدور خاص بها: اكتب الدور tally_{ "{" }service{ "}" }، postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_PEER_IN_CLEAR = { $address } خارج الواجهة المحلية: المتوقع https://host:port
SETTING_HTTP_IN_CLEAR = { $ip } خارج الواجهة المحلية، والبوابة لا تستخدم TLS: اجعلها تستمع على الواجهة المحلية خلف وكيل يستخدمه، أو اضبط server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay حيث تشفّر الشبكة نفسها
SETTING_NO_NETWORK = «{ $text }» ليس شبكة: اكتب عنوانًا مع طول بادئته، مثل 10.0.0.0/8
SETTING_NO_ORIGIN = «{ $text }» ليس مصدرًا (origin): اكتب البروتوكول والمضيف بأحرف صغيرة وبلا مسار، مثل https://hr.example، أو * للكل
SETTING_CERTIFICATE_AND_KEY = الشهادة ومفتاحها متلازمان: اضبطهما معًا أو لا تضبط أيًا منهما
SETTING_LISTEN_IN_CLEAR = { $ip } خارج الواجهة المحلية: اضبط server.tls_certificate و server.tls_key
SETTING_KEYS_GENERATED = { $ip } خارج الواجهة المحلية، ولا تصلح هناك مفاتيح مولّدة: اذكر مجلدًا
SETTING_PASSPHRASE_TWICE = keys.passphrase مضبوط أيضًا: اضبط أحدهما
SETTING_LOG_LEVELS = «{ $part }» ليس مستوى ({ $levels }) ولا MODULE=LEVEL، مثل tally_store=debug؛ وتُفصل عدة منها بفواصل
SETTING_AUTHORITY_ALONE = يبيّن هذا من يوقّع شهادات المتصلين، وهذا الخادم لا يستخدم TLS: اضبط أيضًا server.tls_certificate و server.tls_key
SETTING_NO_CERTIFICATE = ليست في الملف { $file } شهادة يمكن قراءتها: اذكر ملف PEM فيه -----BEGIN CERTIFICATE-----
SETTING_NO_PRIVATE_KEY = ليس في الملف { $file } مفتاح خاص يمكن قراءته: اذكر ملف PEM فيه -----BEGIN PRIVATE KEY-----، وليس مشفّرًا
SETTING_KEY_OF_ANOTHER = المفتاح الخاص في { $file } لا يخص الشهادة في { $certificate }: اذكر المفتاح الذي أُصدرت له هذه الشهادة
SETTING_CERTIFICATE_OVER = الشهادة في { $file } منتهية: كانت صالحة حتى { $until }، وساعة هذا الجهاز تقول { $now }. احصل على شهادة جديدة ممن وقّعها؛ وإن كانت الساعة خطأ فاضبطها
    .early = الشهادة في { $file } ليست صالحة بعد: تبدأ في { $from }، وساعة هذا الجهاز تقول { $now }. إن كانت الساعة خطأ فاضبطها؛ وإلا فانتظر، أو اذكر الشهادة السابقة لها
SETTING_CERTIFICATE_OF_ANOTHER = الشهادة في { $file } غير موقّعة من الجهة التي في { $authority }، وبها تتعارف هذه العملية والخدمات التي تستدعيها (peers): اذكر الجهة التي وقّعتها، أو شهادة وقّعتها هذه الجهة
SETTING_REDIS_URL = المتوقع redis://HOST:PORT، أو rediss://HOST:PORT مع TLS؛ وتسبق كلمة المرور المضيف، redis://:PASSWORD@HOST:PORT
SETTING_ENDPOINT = المتوقع عنوان مجمّع، مثل http://127.0.0.1:4317
SAMPLE_NEEDS_ALL = يتطلب --sample كل الخدمات في عملية واحدة، والخدمة { $name } غير مذكورة
EXPECT_ADDRESS = عنوان ومنفذ، مثل 127.0.0.1:7070
EXPECT_ONE_OF = واحد من { $words }
EXPECT_WHOLE_NUMBER = عدد صحيح
    .to = عدد صحيح من 0 إلى { $most }
EXPECT_TRUE_OR_FALSE = true أو false
EXPECT_TEXT = نص
EXPECT_LIST = قائمة، مثل ["a", "b"] أو a,b
EXPECT_OTHER = نوع آخر من القيم
EXPECT_UUID = معرّف UUID
EXPECT_DATE = تاريخ، مثل 2026-03-31
EXPECT_INSTANT = لحظة مع فرق توقيتها، مثل 2026-03-31T09:00:00+08:00
EXPECT_FROM_TO = من { $from } إلى { $to }
ARG_VALUE_WRONG = { $arg }: «{ $value }» لا يصلح؛ المتوقع: { $expected }
ARG_WITHOUT_VALUE = يتطلب { $arg } قيمة
ARG_VALUES_WRONG = { $arg }: المتوقع عدد آخر من القيم
ARG_UNKNOWN = لا يوجد وسيط { $arg }
    .near = لا يوجد وسيط { $arg }؛ هل المقصود { $near }؟
COMMAND_UNKNOWN = لا يوجد أمر { $name }
    .near = لا يوجد أمر { $name }؛ هل المقصود { $near }؟
COMMAND_MISSING = اذكر أمرًا: { $known }
ARG_MISSING = ناقص: { $arg }
ARG_CONFLICT = لا يجتمع { $arg } مع { $other }
ARG_NOT_TEXT = أحد الوسائط ليس نصًا بترميز UTF-8
ARG_USAGE = اكتب: { $usage } (المزيد مع --help)

## The command line: pages

SHOW_NOT_DONE = لم يتم
SHOW_NOT_DONE_STEP = { $step }: { $why }
SHOW_REST_IS_THERE = كل ما سبقه موجود في مجلد النتيجة؛ وبعد إصلاح السبب ينجز الأمر نفسه مع --out آخر البقية أيضًا.
RUNG_TAG = سمّته المنصة
RUNG_HANDOVER = كان الحساب في عهدته بانتقال العهدة
RUNG_SOLE = وحده على رأس العمل
RUNG_INFERRED = استُنتج ممن كان مشغولًا ومتى
RUNG_EQUAL = تقاسمه بالتساوي من كانوا على رأس العمل
RUNG_SPLIT = تقاسمه المساهمون
RUNG_CLAIM = طُولب به بنقرة
RUNG_DEVICE = حسب الجهاز
RUNG_REPLIES = وُزن بأوقات الردود
RUNG_TAG_SHARE = وُزن بالأسماء القريبة
RUNG_TEAM = تقاسمه الفريق، ولا يُعرف غير ذلك
RUNG_UNATTRIBUTED = لم يُسند إلى أحد
STEP_DUTY = الموظفون والحسابات والدوام
STEP_RECORDS = السجلات
STEP_REPLIES = رسائل السجلات
STEP_CLAIMS = المطالبات
STEP_RATES = أسعار الصرف
STEP_OBSERVATIONS = الأرصاد
STEP_CYCLE = الإسناد والدرجات
STEP_PUBLISH = النشر
STEP_SETTLEMENT = التسوية
STEP_CREDITS = الحصص
STEP_TOTALS = المجاميع
STEP_CARDS = بطاقات التقييم
STEP_STATEMENTS = كشوف المستحقات
STEP_FINDINGS = الملاحظات
STEP_INPUTS = المدخلات
PROGRESS_READING = القراءة
PROGRESS_MAKING = إعداد شهر
PROGRESS_COUNTING = العدّ
PROGRESS_ROWS = صفوف
KIND_MISSING_PUNCH = حضور بلا انصراف أو العكس
KIND_UNCOVERED_SHIFT = مناوبة مجدولة، وتسجيلات الدوام في ذلك اليوم في أوقات أخرى فقط: لا تُحسب المناوبة
KIND_BARELY_COVERED_SHIFT = مناوبة مجدولة، وتسجيلات الدوام في ذلك اليوم لمناوبة أخرى: لا يُحسب من هذه سوى طرفها
KIND_HELD_BY_OTHERS = مناوبة مجدولة، ولم يكن الحساب إلا في عهدة آخرين: لا تُحسب المناوبة
KIND_NOT_EMPLOYED = مناوبة أو تسجيل دوام أو عهدة لشخص غير معيّن حينئذ
KIND_DOUBLE_IN = تسجيل حضور مرتين: يُحسب الثاني
KIND_OVERLAP = كان حساب واحد في عهدة عدة أشخاص معًا
KIND_MISSING_RELEASE = استلام حساب بلا تسليمه
KIND_RELEASE_WITHOUT_TAKE = تسليم حساب لم يكن في العهدة
KIND_UNHELD_ACCOUNT = لم يكن أحد على رأس العمل لحساب أو لبعض سجلاته
KIND_NO_DUTY_EVIDENCE = لا جدول مناوبات ولا تسجيل دوام ولا انتقال عهدة: يُعد الفريق كله على رأس العمل
KIND_NOT_SETTLED = تعذّر تقسيم الصندوق
KIND_ODD_PUNCHES = عدد فردي من تسجيلات الدوام في اليوم: آخرها بلا مقابل
KIND_SINGLE_PUNCH = تسجيل دوام وحيد في اليوم بلا مقابل
KIND_PUNCHES_BETWEEN = تُركت تسجيلات الدوام بين أول اليوم وآخره
KIND_LONG_PRESENCE = وجود أطول من 13 ساعة من تسجيلات دوام بلا اتجاه
KIND_READ_AS_NIGHT = تسجيلات دوام بلا اتجاه عُدّت ليالي
KIND_DAY_OR_NIGHT = تسجيلات دوام بلا اتجاه قد تكون أيامًا أو ليالي: عُدّت أيامًا
KIND_TAG_OFF_DUTY = سجل يسمّي شخصًا لم يكن على رأس العمل؛ يُعتد بالاسم
KIND_NAMED_WITHOUT_AGENT = سجل لحساب مسمّى لا يسمّي أحدًا
KIND_MIXED_WITHOUT_TAG = سجلات حساب مختلط بلا اسم
KIND_TOO_FEW_TO_INFER = السجلات أقل من أن يُستنتج منها: قُسّمت بالتساوي
KIND_SEVERAL_AT_ONCE = عدة محادثات معًا لا تكفي لتمييز الموظفين: قُسّمت بالتساوي
KIND_TOO_FEW_REPLIES = ردود كل موظف أقل من أن تميّز بينهم: قُسّمت بالتساوي
KIND_REPLIES_TOO_DENSE = الردود أكثف من أن تميّز أوقاتها بين الموظفين: قُسّمت بالتساوي
KIND_EVIDENCE_UNEVEN = بعضهم يبيّن من عمله أكثر بكثير من غيره: وُزن بما يتركه كل منهم بلا بيان
KIND_CLOCK_WITHOUT_SECONDS = ليست في ساعة الردود ثوانٍ: قُسّمت بالتساوي
KIND_CLAIM_OFF_DUTY = لا تُحسب مطالبة من لم يكن على رأس العمل
KIND_CLAIM_WITHOUT_RECORD = مطالبة بمحادثة لم تصل قط
KIND_CLAIMS_DIFFER = عدة أشخاص يطالبون بسجل واحد، أو سُمّي فيه غيرهم
KIND_DEVICE_OFF_DUTY = لا يُعتد بجهاز من لم يكن على رأس العمل
KIND_DEVICE_OF_SEVERAL = لا يُعتد بجهاز لعدة أشخاص معًا
KIND_DEVICE_OF_NOBODY = استُخدم جهاز لم يكن لأحد: خطأ في كتابته، أو لمقعد بلا جدول مناوبات، أو مرتبط في أيام أخرى
KIND_EVIDENCE_NOT_READ = مطالبات أو أجهزة أو أوقات رسائل لا يقرؤها إصدار السياسة
KIND_REPLY_OUTSIDE_RECORD = لا تُحسب ردود قبل سجلها أو بعده
KIND_BREAKS_NOT_PUNCHED = ساعات دوام بلا انقطاع وبلا عمل: فترات راحة لم يسجّلها أحد
KIND_CLOCKS_APART = ساعة الرسائل تختلف دقائق عن ساعة سجلاتها، وتُقرأ بساعة السجلات
KIND_DID_NOT_SETTLE = لم يستقر الاستنتاج: قُسّمت بالتساوي
KIND_CONTRIBUTOR_UNKNOWN = سجل يسمّي مساهمًا غير معروف
KIND_CONTRIBUTOR_OFF_DUTY = سجل يسمّي مساهمًا لم يكن على رأس العمل؛ يُعتد بالاسم
KIND_CONTRIBUTORS_NOT_SPLIT = سجلات تسمّي مساهمين والسياسة لا تقسّم بينهم
KIND_UNKNOWN_AGENT = سجل يسمّي شخصًا غير معروف
KIND_AMOUNTS_CONVERTED = حُوّلت مبالغ من عملة أخرى
KIND_CONVERTED_ENCODING = كان ملف بترميز GBK أو UTF-16 فحُوّل
KIND_CONVERTED_SEPARATOR = كانت الأعمدة مفصولة بعلامات جدولة أو فواصل منقوطة
KIND_MISSING_COLUMN = عمود ناقص: لا يُقاس منه شيء
KIND_UNKNOWN_COLUMN = لا أحد يقرأ هذا العمود؛ ربما خطأ في كتابته
KIND_UNKNOWN_FILE = لا أحد يقرأ هذا الملف؛ ربما خطأ في كتابته
KIND_EMPTY_FILE = ملف اختياري فارغ
KIND_DUPLICATE_RECORD = السجل نفسه عدة مرات: أُخذ مرة واحدة
KIND_DUPLICATE_ROW = الصف نفسه عدة مرات: أُخذ مرة واحدة
KIND_OUTSIDE_PERIOD = تُركت سجلات خارج الفترة مع رسائلها، ومطالبات قُدّمت خارجها، أو لا تُحسب أرصاد خارجها
KIND_DAMAGED_ID = معرّفات أو عملاء أو قيم أخرى ربما أفسدها جدول إلكتروني
KIND_HOUR_TWICE = أُخّرت الساعة: جاءت ساعة مرتين
KIND_NO_VALUE = خلايا تعني عدم وجود قيمة عُدّت فارغة
KIND_CLEANED_CELL = قُرئت خلايا بلا أحرف غير مرئية أو بلا كسر عشري أضافه التصدير
KIND_LONG_RECORD = سجلات تستمر يومًا أو أكثر
KIND_REPLIES_TOO_MANY = لسجل رسائل أكثر مما يكون لسجل
KIND_POPULATION_OF_NOBODY = يذكر المشمولون منصبًا أو مرتبة وظيفية ليست لأحد
KIND_TRANSFER = موظف يتابع في وحدة أخرى أو منصب آخر أو مرتبة أخرى
KIND_REHIRE = موظف غادر ثم عاد
KIND_TEAM_WITHOUT_PEOPLE = ليس في فريق حساب أي موظف
KIND_BRANCH_WITHOUT_PEOPLE = ليس في فرع أي موظف
KIND_MEASURE_NOT_SENT = لا أحد لديه بيانات مقياس: لا يُحسب مؤشره لأحد
KIND_OBSERVATIONS_BEYOND_PERIOD = أرصاد تتجاوز الفترة: لا تُحسب
KIND_OBSERVATIONS_UNREAD = لا يقرأ أي مؤشر مقياس الأرصاد؛ ربما خطأ في كتابته
KIND_REFUND_EXCEEDS_SALE = المبالغ المردودة أكبر من بيعها
SHOW_HEADLINE = { $group }، من { $from } إلى { $to }
SHOW_SIZE =
    { $records ->
        [zero] { $records } سجل خدمة
        [one] سجل خدمة واحد
        [two] سجلا خدمة
        [few] { $records } سجلات خدمة
        [many] { $records } سجل خدمة
       *[other] { $records } سجل خدمة
    } على { $accounts ->
        [zero] { $accounts } حساب
        [one] حساب واحد
        [two] حسابين
        [few] { $accounts } حسابات
        [many] { $accounts } حسابًا
       *[other] { $accounts } حساب
    }، { $people ->
        [zero] { $people } موظف
        [one] موظف واحد
        [two] موظفان
        [few] { $people } موظفين
        [many] { $people } موظفًا
       *[other] { $people } موظف
    }
SHOW_REJECTED =
    { $count ->
        [zero] استُبعد { $count } صف: يبيّن rejected.csv أيها والسبب وما يجب تغييره
        [one] استُبعد صف واحد: يبيّن rejected.csv السبب وما يجب تغييره
        [two] استُبعد صفان: يبيّن rejected.csv أيهما والسبب وما يجب تغييره
        [few] استُبعدت { $count } صفوف: يبيّن rejected.csv أيها والسبب وما يجب تغييره
        [many] استُبعد { $count } صفًا: يبيّن rejected.csv أيها والسبب وما يجب تغييره
       *[other] استُبعد { $count } صف: يبيّن rejected.csv أيها والسبب وما يجب تغييره
    }
SHOW_NOT_SPLIT = لم يُقسَّم الصندوق
SHOW_SCORES_KEPT = الحصص وبطاقات التقييم والملاحظات كاملة؛ صحّح هذا وأغلق الشهر من جديد.
SHOW_NO_POOL = لا صندوق، لا تسوية
SHOW_NO_POOL_HINT = ضع pool.yaml في الحزمة لتحويل الدرجات إلى مال.
SHOW_POOL = الصندوق
SHOW_AMOUNT = المبلغ
SHOW_TO_PEOPLE =
    إلى { $people ->
        [zero] { $people } موظف
        [one] موظف واحد
        [two] موظفين
        [few] { $people } موظفين
        [many] { $people } موظفًا
       *[other] { $people } موظف
    }
SHOW_TO_FUND = إلى صندوق الفريق
SHOW_THREE_STATEMENTS = ثلاثة كشوف مستحقات بدقة أصغر وحدة نقدية
SHOW_BESIDE_EQUAL =
    كان التقسيم بالتساوي سيدفع للجميع نحو { $equal }: يحصل على أكثر من ذلك { $more ->
        [zero] { $more } موظف
        [one] موظف واحد
        [two] موظفان
        [few] { $more } موظفين
        [many] { $more } موظفًا
       *[other] { $more } موظف
    } (حتى +{ $most })، وعلى أقل منه { $less } (حتى { $least }).
SHOW_STATEMENT_HEAD = { $name } { $number }: { $total }  (بالتساوي: { $equal })
SHOW_WORTH_A_LOOK = يستحق النظر (كل منها في findings.csv)
SHOW_TIMINGS = كم استغرق، والبصمة الرقمية
SHOW_SECONDS = { $step } { $seconds } ث
SHOW_IN_ALL = المجموع { $total } ث: { $longest }
SHOW_SAME_DIGEST = الملفات نفسها تعطيها في أي يوم وعلى أي جهاز
SHOW_WHO_SERVED = من خدم ماذا، وما مدى يقيننا
SHOW_CERTAIN =
    يستند { $certain } إلى اسم أو إلى شخص وحيد؛ { $rest ->
        [zero] ولم يُسند { $rest } سجل إلى أحد، مع ذكر سبب كل منها.
        [one] ولم يُسند سجل واحد إلى أحد، مع ذكر السبب.
        [two] ولم يُسند سجلان إلى أحد، مع ذكر سبب كل منهما.
        [few] ولم تُسند { $rest } سجلات إلى أحد، مع ذكر سبب كل منها.
        [many] ولم يُسند { $rest } سجلًا إلى أحد، مع ذكر سبب كل منها.
       *[other] ولم يُسند { $rest } سجل إلى أحد، مع ذكر سبب كل منها.
    }
SHOW_BUSIEST = أكثر الحسابات المشتركة ازدحامًا (فترات ثقة 90 %)
SHOW_WORTH = ما الذي ستأتي به أدلة أكثر
SHOW_WORTH_SAID = السجلات التي يُتوقع أنها مسندة إلى غير من خدمها، الآن ومع أدلة أكثر: متوقع وليس وعدًا. في evidence.csv كل الحسابات.
SHOW_COLUMN_NOW = الآن
SHOW_COLUMN_BREAKS = الراحة مسجّلة
SHOW_COLUMN_DEVICES = الأجهزة في 30 %
SHOW_COLUMN_CLAIMS = نصفها مطالَب به
SHOW_COLUMN_RECORDS = السجلات
SHOW_COLUMN_INTERVAL = فترة ثقة 90 %
SHOW_COLUMN_CERTAIN = مؤكد
SHOW_COLUMN_ACCOUNT = الحساب
SHOW_OTHERS =
    { $others ->
        [zero] { $others } غيرهم
        [one] واحد آخر
        [two] اثنان آخران
        [few] { $others } آخرون
        [many] { $others } غيرهم
       *[other] { $others } غيرهم
    }
SHOW_SCORES =
    { $people ->
        [zero] درجات { $people } موظف
        [one] درجة موظف واحد
        [two] درجتا موظفين
        [few] درجات { $people } موظفين
        [many] درجات { $people } موظفًا
       *[other] درجات { $people } موظف
    } ({ $scheme })
SHOW_OUTSIDE =
    { $people ->
        [zero] { $people } موظف من غير المشمولين ليست لهم
        [one] موظف واحد من غير المشمولين ليست له
        [two] موظفان من غير المشمولين ليست لهما
        [few] { $people } موظفين من غير المشمولين ليست لهم
        [many] { $people } موظفًا من غير المشمولين ليست لهم
       *[other] { $people } موظف من غير المشمولين ليست لهم
    } بطاقة ولا أجر هنا؛ السجلات المسندة إليهم: { $records }
SHOW_COLUMN_PLACE = #
SHOW_COLUMN_WHO = الموظف
SHOW_COLUMN_TEAM = الفريق
SHOW_COLUMN_CREDITED = المسند
SHOW_COLUMN_SCORE = الدرجة
SHOW_COLUMN_COLLABORATION = التعاون
SHOW_CARD = { $name } { $number }: النقاط { $score }، الترتيب { $rank } من { $of }
SHOW_COLLABORATION = التعاون: { $outside } من { $credited } من السجلات خارج جدوله أو فريقه تضيف من النقاط { $points }.
SHOW_RECORD = السجل { $id } على { $account }
SHOW_EVIDENCE = الأدلة: { $evidence } (السياسة { $version })
SHOW_NOTHING_CREDITED = لا يُسند أي سجل من الشهر إلى هذا الموظف.
SHOW_ALL_ACCOUNTS = الكل
SHOW_SCORE_STEPS = الدرجة خطوة خطوة
SHOW_STATEMENT = كشف المستحقات
SHOW_RECORDS_BEHIND = السجلات وراءه: { $shown } من { $all } (كلها في credits.csv)
DEMO_TRUTH = البعد عن الحقيقة (العرض يعرفها)
DEMO_RIGHT = صحيح، سجلًا سجلًا
DEMO_WRONG = خطأ على مدى الشهر
DEMO_EQUALLY = كل سجل مقسوم بالتساوي على الفريق
DEMO_AS_TALLY = كما يسندها Tally
DEMO_TRUTH_SAID = في السجلات التي لم تسمّ لها منصة أحدًا، وعددها { $records }: كم من السجل يصل إلى من خدمه، وكم من عمل الشهر يبقى باسم آخر بعد أن تتلاغى الأخطاء.
DEMO_INTERVALS = تقع الحقيقة في { $holding } من { $totals } من فترات الثقة للموظفين على هذه الحسابات.
DEMO_RUNGS_SAID = أي الأدلة يأتي بذلك، درجة درجة من السلّم:
DEMO_RUNG_RECORDS = السجلات
DEMO_RUNG_EQUALLY = صحيح لو قُسّم بالتساوي
DEMO_RUNG_TALLY = صحيح كما أُسند
DEMO_RUNG_GAIN = جزء من المكسب
DEMO_SKILLS = ما أظهره الشهر عن المهارات والتغطية
DEMO_LATE = الأدلة لا تزال في الطريق
DEMO_PROFILE = { $name } { $number }: خدم { $accounts } ({ $platforms })؛ التعاون { $points }
DEMO_STANDARD = { $scheme } (معيار المجموعة)
DEMO_USER_BRANCH_HR = يغلق شهر { $branch }؛ لا يرى أي فرع آخر
DEMO_BRANCHES = كل فرع يغلق شهره
DEMO_BRANCHES_SAID = من الإسناد نفسه، كل فرع بتخصيصه لمعيار المجموعة الذي يسمح للفرع بزيادة وزن مؤشر أو إنقاصه بما لا يتجاوز { $within } من النقاط. الترتيب داخل الفرع.
DEMO_COLUMN_BRANCH = الفرع
DEMO_COLUMN_FAVOURS = يزيد وزن
DEMO_COLUMN_PEOPLE = الموظفون
DEMO_COLUMN_CREDITED = من السجلات
DEMO_COLUMN_FIRST = الأول
DEMO_COLUMN_SCORE = الدرجة
DEMO_COLUMN_IN_GROUP = الترتيب في المجموعة
DEMO_MANAGERS =
    { $people ->
        [zero] بطاقات { $people } موظف لا يخدمون أحدًا بأنفسهم
        [one] بطاقة موظف واحد لا يخدم أحدًا بنفسه
        [two] بطاقتا موظفين لا يخدمان أحدًا بنفسيهما
        [few] بطاقات { $people } موظفين لا يخدمون أحدًا بأنفسهم
        [many] بطاقات { $people } موظفًا لا يخدمون أحدًا بأنفسهم
       *[other] بطاقات { $people } موظف لا يخدمون أحدًا بأنفسهم
    }
DEMO_MANAGERS_SAID = مما كان لفرقهم، كل فريق كما كان في كل يوم، بالنسبة المئوية.
DEMO_MANAGERS_SCHEME = المديرون
DEMO_RIGHT_HEADING = تصحيح { $branch } بعد نشره ودفعه
DEMO_RIGHT_PAID =
    دُفع { $amount } إلى { $people ->
        [zero] { $people } موظف
        [one] موظف واحد
        [two] موظفين
        [few] { $people } موظفين
        [many] { $people } موظفًا
       *[other] { $people } موظف
    }.
DEMO_RIGHT_RATINGS =
    ثم ترسل المنصة من جديد { $ratings ->
        [zero] { $ratings } تقييم لـ { $account } بعد خفض كل منها إلى 1
        [one] تقييمًا واحدًا لـ { $account } بعد خفضه إلى 1
        [two] تقييمين لـ { $account } بعد خفض كل منهما إلى 1
        [few] { $ratings } تقييمات لـ { $account } بعد خفض كل منها إلى 1
        [many] { $ratings } تقييمًا لـ { $account } بعد خفض كل منها إلى 1
       *[other] { $ratings } تقييم لـ { $account } بعد خفض كل منها إلى 1
    }. { $cycles ->
        [zero] تستند إليها { $cycles } دورة
        [one] تستند إليها دورة واحدة
        [two] تستند إليها دورتان
        [few] تستند إليها { $cycles } دورات
        [many] تستند إليها { $cycles } دورة
       *[other] تستند إليها { $cycles } دورة
    }؛ وما نُشر ورُحّل يبقى كما هو.
DEMO_RIGHT_REASON = غيّر المشترون تقييماتهم بعد ذلك
DEMO_RIGHT_CARDS =
    يعطي التصحيح { $people ->
        [zero] { $people } موظف إصدارًا جديدًا من بطاقاتهم
        [one] موظفًا واحدًا إصدارًا جديدًا من بطاقته
        [two] موظفين إصدارًا جديدًا من بطاقتيهما
        [few] { $people } موظفين إصدارًا جديدًا من بطاقاتهم
        [many] { $people } موظفًا إصدارًا جديدًا من بطاقاتهم
       *[other] { $people } موظف إصدارًا جديدًا من بطاقاتهم
    }.
DEMO_RIGHT_DELTAS =
    { $people ->
        [zero] يحصل { $people } موظف على مبلغ آخر
        [one] يحصل موظف واحد على مبلغ آخر
        [two] يحصل موظفان على مبلغ آخر
        [few] يحصل { $people } موظفين على مبلغ آخر
        [many] يحصل { $people } موظفًا على مبلغ آخر
       *[other] يحصل { $people } موظف على مبلغ آخر
    }: أكثر { $more } وأقل { $less }، مع تسوية الفرع التالية. أكبر الفروق:
DEMO_RIGHT_CARD = ما يقرؤه { $name }:
DEMO_COLUMN_WHO = الموظف
DEMO_COLUMN_PAID = المدفوع
DEMO_COLUMN_RIGHT = الصحيح
DEMO_COLUMN_DELTA = الفرق
DEMO_NEXT = ماذا بعد
DEMO_OWN_MONTH = شهرك أنت؛ يبيّن docs/bundle.md ما يوضع في المجلد
DEMO_AGAIN = هذا الشهر من جديد، مع ملفات للنظر فيها
DEMO_COPY = كتابة هذا الشهر ملفات للنسخ منها
DEMO_WHY = لماذا جاءت نتيجة موظف أو سجل هكذا
DEMO_REPLAY = إعادة حسابه ومقارنة كل بايت
DEMO_CONSOLE = افتح http://{ $address } في متصفح؛ وأنهِ بـ Ctrl-C
DEMO_FIRST = ما يُنظر فيه أولًا: { $agent } يرى شهر موظف الخدمة وأجره، و{ $supervisor } يرى في عهدة من كان كل حساب ومتى، وhr1 يغلق شهرًا، وpayroll وapprover وpayer يدفعونه، وauditor يرى كل شيء.
DEMO_GRPC = gRPC: http://{ $address }
DEMO_PASSWORD = كلمة مرور واحدة للجميع، وُضعت لهذا التشغيل: { $password }
DEMO_TOKEN = رمز وصول: { $command }
DEMO_HTTP = REST مع JSON: يبيّن http://{ $address }/openapi.json ما هو موجود
DEMO_CLOCK = كانت ساعة المجموعة عند اليوم التالي لشهرها أثناء إغلاقه، وتستمر من هناك. لا يُحفظ شيء.
DEMO_USER_ADMIN = ينظّم المجموعة ويمنح الأدوار؛ لا يرى درجة أحد ولا أجره
DEMO_USER_HR = الموظفون والدوام والدورات؛ لا يرى أجر أحد
DEMO_USER_PAYROLL = الصناديق والتسويات؛ لا يعتمد ما أعدّه بنفسه
DEMO_USER_APPROVER = يعتمد ما أعدّه غيره
DEMO_USER_PAYER = يرحّل ما أعدّه واعتمده شخصان آخران
DEMO_USER_AUDITOR = يقرأ كل شيء ولا يغيّر شيئًا
REPLAY_VERSION = { $what }: حُسبت النتيجة باستخدام { $then }، وهذا { $now }
REPLAY_TZDB = قاعدة بيانات المناطق الزمنية
REPLAY_IDENTICAL =
    متطابق: { $files ->
        [zero] { $files } ملف
        [one] ملف واحد
        [two] ملفان
        [few] { $files } ملفات
        [many] { $files } ملفًا
       *[other] { $files } ملف
    }، البصمة الرقمية { $digest }
REPLAY_NOT_COVERED = لم يُقارَن، إذ ليس في المدخلات ما صُنع منه: { $files }
REPLAY_ALTERED = غُيّر: { $what }
REPLAY_DIFFERENT = مختلف: { $file }، السطر { $line }
REPLAY_MISSING = ناقص من المجلد: { $file }
REPLAY_INPUT_CHANGED = inputs/{ $file }: تغيّر محتواه
REPLAY_INPUT_MISSING = inputs/{ $file }: غير موجود أو لا يمكن قراءته
REPLAY_INPUT_ADDED = inputs/{ $file }: أُضيف
REPLAY_IN_FOLDER = في المجلد:    { $line }
REPLAY_RECOMPUTED = بعد الحساب:   { $line }
REPLAY_ENDS = (ينتهي الملف قبل هذا السطر)

## Replaying over the rpcs


## The command line: help. HELP_ and the name of a command, its arguments by name; HELP_SHARED has what several take alike

PAGE_USAGE = الاستخدام:{ " " }
PAGE_COMMANDS = الأوامر:
PAGE_ARGUMENTS = الوسائط:
PAGE_OPTIONS = الخيارات:
PAGE_DEFAULT = { " " }[الافتراضي:{ "\u00A0" }{ $value }]
PAGE_VALUES = { " " }[القيم الممكنة:{ "\u00A0" }{ $values }]
PAGE_ENV = { " " }[متغيّر البيئة:{ "\u00A0" }{ $name }]
HELP_SHARED =
    .help = عرض المساعدة
    .version = عرض الإصدار
    .bundle = المجلد الذي فيه people.csv و accounts.csv و records.csv وما سواها (docs/bundle.md)
    .from = أول يوم في الفترة، مثل 2026-03-01، مع --to؛ والافتراضي الفترة في group.yaml، وإلا فالشهر الذي يضم كل السجلات
    .to = آخر يوم في الفترة، مثل 2026-03-31، وهو منها
    .lang = لغة الجمل، ولغة الأسماء في `tally demo`؛ يجوز أن يسبق الأمر أيضًا؛ والافتراضي لغة البيئة (LC_ALL, LC_MESSAGES, LANG)
    .plain-csv = ملفات CSV للبرامج: بلا علامة ترتيب البايتات، وبلا الفاصلة العليا قبل الخلايا التي تبدأ كالصيغ، وهي ما تحتاجه الجداول الإلكترونية
    .json = طباعة الملخص بصيغة JSON دون غيره
    .server = أين يستمع النظام، مثل https://tally.example:7070؛ والافتراضي client.server من الإعدادات، وإلا فحيث سجّل `tally login` الدخول آخر مرة، وإلا http://127.0.0.1:7070
    .ca = ملف الجهة التي توقّع شهادة الخادم (PEM)؛ والافتراضي الجهات التي يثق بها هذا الجهاز
    .client-cert = ملف سلسلة الشهادات لتقديمها إلى خادم يطلبها (PEM)، مع --client-key
    .client-key = ملف المفتاح الخاص لـ --client-cert (PEM)
    .token-file = ملف فيه رمز وصول، أو - للإدخال القياسي؛ والافتراضي الرمز الذي يحفظه `tally login`، وإلا فالإدخال القياسي
    .config = ملف الإعدادات (TOML)
    .set = ضبط مفتاح واحد، مثل database.url=postgres://..؛ ويجوز تكراره
    .dump-config = طباعة الإعدادات السارية مع إخفاء الأسرار، ثم التوقف
HELP_TALLY = من أنجز أي عمل، وما قيمته، وما أجره، ولماذا
HELP_HELP = عرض هذه الصفحة، أو صفحة أمر
HELP_DEMO = عرض المهمة الرئيسية على مجموعة متخيّلة: شهر من السجلات يصير كشوف مستحقات، على SQLite في مجلد مؤقت
    .once = التوقف بعد الملخص بدلًا من خدمة المجموعة
    .seed = العدد الذي تُصنع منه المجموعة: عدد آخر يصنع مجموعة أخرى
    .records = عدد سجلات الخدمة في الشهر تقريبًا، من 1 إلى 5,000,000؛ وإن قلّ عن 100 فهو 100
    .bundle = مجلد جديد أو فارغ تُكتب فيه ملفات الشهر للنسخ منها
    .listen = العنوان والمنفذ للخدمة بعد الملخص
    .http = عنوان REST ومنفذه بعد الملخص
HELP_CLOSE = تنفيذ المهمة الرئيسية على ملفاتك: شهر من السجلات يصير بطاقات تقييم وكشوف مستحقات
    .out = مجلد النتيجة: جديد أو فارغ
    .explain = شرح سجل واحد (external_id) أو موظف واحد (الرقم الوظيفي أو الاسم) بعد ذلك
    .database = العمل في PostgreSQL بدلًا من SQLite في مجلد مؤقت: عنوان المالك لقاعدة بيانات فارغة
HELP_IMPORT = إدخال ملفات شهر في نظام قيد التشغيل، وبيان ما فيه قبل ذلك وبعده
    .out = مجلد report.json و findings.csv و rejected.csv و refused.csv
    .accept-damaged = كتابة الصفوف ولو اختصر جدول إلكتروني المعرّفات أو العملاء: يحتفظ بها النظام هكذا نهائيًا
    .json = طباعة التقرير بصيغة JSON دون غيره
HELP_REPLAY = إعادة حساب مجلد نتيجة من مدخلاته نفسها، وبيان هل جاء مطابقًا وأي الملفات لا يشملها ذلك
    .dir = مجلد النتيجة كما كتبه `tally close`
    .json = طباعة الحكم بصيغة JSON دون غيره
HELP_SERVE = تشغيل خدمة أو بعض الخدمات أو كلها
    .services = أي الخدمات، مفصولة بفواصل، مثل identity,attendance؛ والافتراضي ما في الإعدادات، أي كلها
    .listen = العنوان والمنفذ للاستماع؛ والافتراضي ما في الإعدادات، 127.0.0.1:7070
    .http = عنوان البوابة ومنفذها إن كانت في هذه العملية؛ والافتراضي ما في الإعدادات، 127.0.0.1:8080
    .sample = البدء بالمجموعة المتخيّلة من `tally demo` على مخزن فارغ
HELP_INIT = إنشاء المجموعة ومسؤولها الأول على مخزن فارغ
    .name = اسم المجموعة
    .currency = عملة المجموعة (ISO 4217)
    .zone = المنطقة الزمنية للمجموعة (IANA)
    .regions = مناطق المجموعة مفصولة بفواصل، مثل cn-east,cn-south
    .tenant-id = معرّف المجموعة، مختارًا مسبقًا أو من منظومة منطقة أخرى؛ وإن كان المخزن يضم هذه المجموعة بعينها فلا يتغير شيء وليس ذلك فشلًا
    .login = اسم الدخول للمسؤول الأول
    .password-file = ملف فيه كلمة مرور المسؤول (12 حرفًا على الأقل)؛ وبدونه تكون كلمة المرور أول سطر من الإدخال القياسي
    .invitation-file = ملف فيه ما طبعه `tally invite`، حين يضم المخزن مجموعة أخرى بالفعل
HELP_INVITE = طباعة دعوة لإنشاء مجموعة أخرى في مخزن يضم مجموعة (PostgreSQL)
    .tenant-id = معرّف المجموعة، إن كانت منظومة منطقة أخرى قد أنشأتها من قبل؛ والافتراضي مجموعة جديدة
    .days = لكم يومًا تسري، 30 على الأكثر
HELP_MIGRATE = تحديث قاعدة البيانات (PostgreSQL: بعنوان المالك)
HELP_LOGIN = مبادلة كلمة مرور، وهي أول سطر من الإدخال القياسي، برمز وصول تستخدمه الأوامر التالية
    .login = اسم الدخول
    .code = الأرقام الستة من تطبيق المصادقة، أو رمز استرداد، إن كان لديك عامل ثانٍ
    .new-password = أُعطيت لك كلمة المرور لدخول واحد: السطر الثاني من الإدخال القياسي كلمتك الجديدة
HELP_USER = إعطاء الأشخاص والبرامج إمكانية الدخول
HELP_USER_CREATE = إنشاء حساب دخول بدور واحد، في المجموعة كلها أو على وحدة
    .login = اسم الدخول
    .role = الدور، مثل group_hr، أو branch_hr مع --unit
    .unit = الوحدة، مثل East، مع كل ما تحتها حيث يمتد الدور؛ والافتراضي المجموعة كلها
    .password-file = ملف فيه كلمة المرور الأولى (12 حرفًا على الأقل)، أو - للإدخال القياسي
HELP_USER_GRANT = منح حساب دخول دورًا آخر، أو الدور الذي ينقصه
    .login = اسم الدخول
    .role = الدور، مثل group_hr أو auditor
    .unit = الوحدة، مثل East/Chat، مع كل ما تحتها حيث يمتد الدور؛ والافتراضي المجموعة كلها
HELP_TENANT = أخذ بيانات مجموعة بكاملها
HELP_TENANT_EXPORT = كتابة كل ما تحتفظ به كل خدمة عن المجموعة في مجلد، ملف من أسطر JSON لكل جدول
    .out = المجلد؛ يجب ألا يكون موجودًا
    .quiet = عدم عرض التقدم
HELP_PERSON = استخراج ما يُحتفظ به عن موظف
HELP_PERSON_EXPORT = كتابة كل ما تحتفظ به كل خدمة عن موظف في ملف JSON واحد
    .person = الموظف: الرقم الوظيفي أو المعرّف (UUID)
    .out = الملف؛ يجب ألا يكون موجودًا
HELP_RETENTION = العناية بمدد الاحتفاظ بالبيانات
HELP_RETENTION_RUN = حذف ما انتهت مدته وفق خطة الاحتفاظ للمجموعة من كل خدمة
HELP_AUDIT = النظر في سجل التدقيق
HELP_AUDIT_VERIFY = إعادة حساب سلسلة كل خدمة، والبحث عن مدخلة كل صف، وتسمية ما هو خطأ
    .heads = مجلد رؤوس السجل الموقّعة التي يجب أن تمر بها السجلات؛ والافتراضي ما في الإعدادات
HELP_AUDIT_SEARCH = بيان من رأى أو غيّر ماذا عن موظف، أو ما فعلته هوية، أو ما فُعل بشيء؛ الأحدث أولًا
    .person = عن هذا الموظف (UUID)
    .principal = من هذه الهوية (UUID) أو نيابة عنها
    .subject = فُعل بهذا الشيء، مثل statement:0199..
    .from = ليس قبل هذه اللحظة (RFC 3339)، مثل 2026-03-01T00:00:00+08:00
    .to = قبل هذه اللحظة (RFC 3339)
    .json = طباعة كائن JSON في كل سطر
HELP_SCHEME = إخراج معيار للمجموعة من منظومة وإدخاله في أخرى، أو البدء من خطة موجودة
HELP_SCHEME_EXPORT = طباعة الملف الموقّع لخطة للمجموعة بكل إصداراتها
    .name = اسمها
    .from = المنطقة التي تغادرها، حين تخدم المنظومة عدة مناطق
HELP_SCHEME_IMPORT = استيراد ملف صدّرته منظومة منطقة أخرى
    .file = الملف
HELP_SCHEME_TEMPLATE = طباعة خطة للبدء منها بصيغة scheme.yaml، أو بيان الموجود منها
    .name = اسم الخطة؛ وبدونه تُعرض كلها
    .out = الملف الذي تُكتب فيه، ويجب ألا يكون موجودًا بعد
HELP_ACCESS = بيان من يحق له ماذا، لأجل المراجعة
HELP_ACCESS_REVIEW = بيان بصيغة CSV لمن يملك صلاحية، وبأي دور ممنوح أو تفويض أو وصول طارئ، ومنذ متى، وممن؛ الأحدث أولًا
    .permission = الصلاحية، مثل compensation.statement.read_pay لقراءة الأجر
HELP_KEYS = العناية بالمفاتيح: مفاتيح توقيع رموز الوصول، ومفاتيح ما هو مشفّر في قاعدة البيانات
HELP_KEYS_MAKE = إنشاء مجلد المفاتيح بكل ملفاته، لأسرار عنقود؛ وما هو موجود يبقى كما هو
HELP_KEYS_PROTECT = تشفير seal.key بعبارة مرور، أو تغيير عبارة المرور
    .new-passphrase-file = ملف فيه عبارة المرور الجديدة (12 حرفًا على الأقل)؛ وبدونه تكون العبارة أول سطر من الإدخال القياسي
HELP_KEYS_ROTATE = إنشاء مفاتيح جديدة والخدمات تعمل، وتشفير كل شيء بها؛ ويتابع من حيث توقف تشغيل سابق
    .what =
        أي المفاتيح؛ والافتراضي master و data
        file: إضافة مفتاح رئيسي إلى seal.key فقط، لتوزيع الملف قبل تغليف أي شيء به
        master: المفتاح الرئيسي في seal.key؛ سريع، ولا يُعاد تشفير شيء
        data: مفاتيح البيانات؛ يُعاد تشفير كل صف مشفّر
HELP_KEYS_ROTATE_SIGNING = إعطاء خدمة مفتاحًا جديدًا لتوقيع رموز الوصول؛ وتأخذ به العمليات الجارية بنفسها خلال دقيقة
    .service = الخدمة، مثل identity

## The command line: what was done

CANNOT_MAKE_TEMPORARY = تعذّر إنشاء مجلد مؤقت: { $error }
CANNOT_REPLACE = تعذّر استبدال { $file }: { $error }
CANNOT_CREATE = تعذّر إنشاء { $file }: { $error }
CANNOT_WRITE_TO = تعذّرت الكتابة في { $folder }: { $error }
OUTPUT_LOST = تعذّرت كتابة المخرجات كلها: { $error }
CANNOT_START = تعذّر البدء: { $error }
CANNOT_LISTEN = تعذّر الاستماع على { $address }؛ اذكر عنوانًا آخر باستخدام { $flag }، أو توقف بعد الملخص باستخدام --once: { $error }
NOT_OF_TALLY = { $file } ليس مما يكتبه tally، بدءًا من السطر { $line } والعمود { $column }
SAMPLE_SKIPPED = في المخزن مجموعة بالفعل: يتركها --sample كما هي
SERVING_HTTP = البوابة على http://{ $address }، وما تقدمه على http://{ $address }/openapi.json
SAMPLE_FILLED = مُلئ بالمجموعة النموذجية. كلمة مرور واحدة للجميع، تُعرض هذه المرة فقط: { $password }
SERVING = تعمل { $services } على { $scheme }://{ $address }
NO_GROUP_YET = لا توجد مجموعة في هذا المخزن بعد، فلا يستطيع أحد تسجيل الدخول: أوقف هذه العملية، ونفّذ `tally init --name "My group"` بالإعدادات نفسها، ثم شغّلها من جديد
    .beside = لا توجد مجموعة في هذا المخزن بعد، فلا يستطيع أحد تسجيل الدخول: نفّذ `tally init --name "My group"` بالإعدادات نفسها إلى جانب هذه العملية
REGION_OF_NO_GROUP = يذكر server.regions المنطقة { $region }، وليست لأي مجموعة في هذا المخزن تلك المنطقة (الموجود { $known }): لا تخدم هذه العملية صفًا من أي منطقة أخرى؛ صحّح server.regions، أو اتركه فارغًا لخدمة الكل
REDIS_AWAY = لا يجيب Redis على { $at } (redis.url). كل شيء يعمل بدونه: وإلى أن يعود تعدّ كل عملية الاستدعاءات بنفسها، ويبحث المستهلكون عن الأحداث كل بضع ثوانٍ بدلًا من أن يُنبَّهوا
FILE_SWITCH = { $switch }: { $why }
ASK_PASSWORD_TWELVE = كلمة المرور (12 حرفًا على الأقل، تظهر أثناء الكتابة):{ " " }
ASK_PASSWORD = كلمة المرور (تظهر أثناء الكتابة):{ " " }
ASK_NEW_PASSWORD = كلمة المرور الجديدة (12 حرفًا على الأقل):{ " " }
ASK_NEW_PASSPHRASE = عبارة المرور الجديدة (تظهر أثناء الكتابة):{ " " }
NO_PASSWORD_GIVEN = لا توجد كلمة مرور في الإدخال القياسي: اكتبها أو مرّرها إليه
SET_EXPECTED = --set { $pair }: المتوقع KEY=VALUE
SUBJECT_EXPECTED = --subject: المتوقع KIND:ID، مثل statement:0199..
GROUP_DIFFERS = أُنشئت المجموعة { $id } في هذا المخزن من قبل وتختلف عما كُتب ({ $differences }): لم يتغير شيء. اكتب ما هو موجود، أو اختر مخزنًا آخر
GROUP_DIFFERENCE = { $what }: الموجود { $there } لا { $typed }
GROUP_WAS_MADE = أُنشئت المجموعة { $id } في هذا المخزن من قبل: لم يتغير شيء
GROUP_MADE = أُنشئت المجموعة { $name } ({ $id }) مع المسؤول { $login }
GROUP_NEXT = التالي: tally serve ثم tally login { $login }
OWNER_URL_MISSING = مخططات PostgreSQL ينشئها مالكها: اضبطه (TALLY_DATABASE_OWNER_URL) على عنوان المالك، postgres://OWNER:PASSWORD@HOST/DATABASE
OWNER_URL_ALONE = هو SQLite بينما database.owner_url مضبوط: اضبطه (TALLY_DATABASE_URL) على العنوان الذي تدخل به الخدمات، أو احذف database.owner_url
MIGRATED = { $service }: { $ran }
UP_TO_DATE = محدّث
AUDIT_VERIFIED =
    { $service }: { $entries ->
        [zero] { $entries } مدخلة
        [one] مدخلة واحدة
        [two] مدخلتان
        [few] { $entries } مدخلات
        [many] { $entries } مدخلة
       *[other] { $entries } مدخلة
    }، { $rows ->
        [zero] { $rows } صف
        [one] صف واحد
        [two] صفان
        [few] { $rows } صفوف
        [many] { $rows } صفًا
       *[other] { $rows } صف
    }، رؤوس مصدّرة: { $heads }: { $verdict }
AUDIT_INTACT = سليم
AUDIT_ON_BEHALF = { " " }نيابة عن { $id }
AUDIT_FAULT = { $table } في { $stream }: { $place } { $defect }
AUDIT_PLACE = المدخلة { $at }
    .unnumbered = مدخلة بلا رقم
    .named = { $place } ({ $id })
    .row = الصف { $row }
    .row-of = الصف { $row } (المدخلة { $id })
    .line = السطر { $row }
AUDIT_DEFECT = — ليس ما كتبته الخدمة
    .chain = — لا ينتج عن المدخلة التي قبله (أُدرج أو استُبدل أو نُقل)
    .missing = — مفقود
    .truncated = — مفقود، مع كل ما بعده حتى الرأس الموقّع
    .beyond = — يقع بعد الرأس الموقّع
    .head = — هو الرأس، وتوقيعه ناقص أو ليس للخدمة
    .unnumbered = — ينتظر موضعًا منذ أكثر من خمس ثوانٍ: هل يعمل مرقّم؟
    .forked = — ليس المدخلة التي صُدّر رأسها: استُبدل السجل الذي قبلها
    .older = — مفقود مع أن رأسًا بعده صُدّر: أُعيد سجل أقدم
    .exported = — ليس رأسًا لهذه الخدمة، أو يعود إلى ما قبل سطر سابق
    .unaccounted = — ليست له مدخلة تدقيق: لم تكتبه أي وحدة عمل
    .borrowed = — استعار هو أو ما بجانبه مدخلة تدقيقه، وقد كتبت صفوفًا أقل مما يذكرها
AUDIT_FAULTS =
    { $count ->
        [zero] { $count } خطأ
        [one] خطأ واحد
        [two] خطآن
        [few] { $count } أخطاء
        [many] { $count } خطأً
       *[other] { $count } خطأ
    }
AUDIT_FOUND =
    { $count ->
        [zero] { $count } مدخلة
        [one] مدخلة واحدة
        [two] مدخلتان
        [few] { $count } مدخلات
        [many] { $count } مدخلة
       *[other] { $count } مدخلة
    }
REVIEW_FOUND =
    { $count ->
        [zero] { $count } طريقة لامتلاك { $permission }
        [one] طريقة واحدة لامتلاك { $permission }
        [two] طريقتان لامتلاك { $permission }
        [few] { $count } طرق لامتلاك { $permission }
        [many] { $count } طريقة لامتلاك { $permission }
       *[other] { $count } طريقة لامتلاك { $permission }
    }
INVITE_ONE_GROUP = يذكر ملفات SQLite وفيها مجموعة واحدة، فلا يمكن دعوة أحد؛ تحتاج المجموعات المتعددة إلى PostgreSQL (TALLY_DATABASE_URL=postgres://...)
INVITED =
    تسمح بدخول المجموعة { $tenant } لمدة { $days ->
        [zero] { $days } يوم
        [one] يوم واحد
        [two] يومين
        [few] { $days } أيام
        [many] { $days } يومًا
       *[other] { $days } يوم
    }: سلّمها إلى InitTenant أو إلى `tally init --invitation-file`
KEYS_MADE = في { $folder } ملف seal.key ومفاتيح التوقيع لكل خدمة: انسخه احتياطيًا
PASSPHRASE_TOO_SHORT =
    عبارة المرور الجديدة أقصر من اللازم: الحد الأدنى { $least ->
        [zero] { $least } حرف
        [one] حرف واحد
        [two] حرفان
        [few] { $least } أحرف
        [many] { $least } حرفًا
       *[other] { $least } حرف
    }
KEYS_PROTECTED = { $file } محمي بعبارة المرور الجديدة
KEYS_PROTECTED_NEXT = التالي: اضبط TALLY_KEYS_PASSPHRASE أو TALLY_KEYS_PASSPHRASE_FILE لكل خدمة، وانسخ الملف احتياطيًا
KEYS_WRAPPED =
    { $service }: { $count ->
        [zero] غُلّف { $count } مفتاح بيانات
        [one] غُلّف مفتاح بيانات واحد
        [two] غُلّف مفتاحا بيانات
        [few] غُلّفت { $count } مفاتيح بيانات
        [many] غُلّف { $count } مفتاح بيانات
       *[other] غُلّف { $count } مفتاح بيانات
    } بأحدث مفتاح رئيسي
KEYS_STOPPED = توقف؛ لم يضع شيء: الأمر نفسه يتابع من حيث كان هذا
MASTER_KEY_ADDED = المفتاح الرئيسي { $id } في { $file }: انسخ الملف احتياطيًا
MASTER_KEY_KEPT =
    { $count ->
        [zero] { $count } مفتاح بيانات لا تزال
        [one] مفتاح بيانات واحد لا يزال
        [two] مفتاحا بيانات لا يزالان
        [few] { $count } مفاتيح بيانات لا تزال
        [many] { $count } مفتاح بيانات لا تزال
       *[other] { $count } مفتاح بيانات لا تزال
    } تحت مفتاح رئيسي أقدم: لا يُضاف غيره ما دام الأمر كذلك
KEYS_STEP = { $service }: { $table }.{ $column }، الصفوف { $rows }
KEYS_REPLACED =
    { $service }: استُبدل من مفاتيح البيانات { $keys }، وأُعيد تشفير { $rows ->
        [zero] { $rows } صف
        [one] صف واحد
        [two] صفين
        [few] { $rows } صفوف
        [many] { $rows } صفًا
       *[other] { $rows } صف
    } ({ $speed } صف/ث)
KEYS_REPLACED_RESUMED =
    { $service }: استُبدل من مفاتيح بيانات تشغيل سابق { $keys }، وأُعيد تشفير { $rows ->
        [zero] { $rows } صف
        [one] صف واحد
        [two] صفين
        [few] { $rows } صفوف
        [many] { $rows } صفًا
       *[other] { $rows } صف
    } ({ $speed } صف/ث)
NO_SUCH_SERVICE = لا توجد خدمة باسم { $service }: اذكر واحدة من { $services }
SIGNING_KEY_ROTATED = { $service }: يوقّع المفتاح الجديد من { $from }؛ ويبقى القديم صالحًا لما وقّعه
PERSON_EXPORTED =
    كُتب في { $file }؛ { $withheld ->
        [zero] حُجب { $withheld } صف لا يحق
        [one] حُجب صف واحد لا يحق
        [two] حُجب صفان لا يحق
        [few] حُجبت { $withheld } صفوف لا يحق
        [many] حُجب { $withheld } صفًا لا يحق
       *[other] حُجب { $withheld } صف لا يحق
    } لك قراءته
    .untold =
        كُتب في { $file }؛ { $withheld ->
            [zero] حُجب { $withheld } صف لا يحق
            [one] حُجب صف واحد لا يحق
            [two] حُجب صفان لا يحق
            [few] حُجبت { $withheld } صفوف لا يحق
            [many] حُجب { $withheld } صفًا لا يحق
           *[other] حُجب { $withheld } صف لا يحق
        } لك قراءته؛ ولم تذكر { $services } شيئًا: إما أنه لا يُحتفظ هناك بشيء عن الموظف أو أن الموجود صفوف لوحدات وأيام لا تصل إليها صلاحياتك. يحصل على كل ذلك من يقرأ موظفي المجموعة كلها
PERSON_EXPORTED_BEYOND = توجد صفوف أخرى عن الموظف في { $services }، لوحدات وأيام لا تصل إليها صلاحياتك. يحصل على كل ذلك من يقرأ موظفي المجموعة كلها
GROUP_EXPORTED =
    { $rows ->
        [zero] كُتب { $rows } صف
        [one] كُتب صف واحد
        [two] كُتب صفان
        [few] كُتبت { $rows } صفوف
        [many] كُتب { $rows } صفًا
       *[other] كُتب { $rows } صف
    } في { $folder }؛ والمحجوب مما لا يحق لك قراءته { $withheld }
RETENTION_TAKEN =
    { $service }: { $rows ->
        [zero] { $rows } صف
        [one] صف واحد
        [two] صفان
        [few] { $rows } صفوف
        [many] { $rows } صفًا
       *[other] { $rows } صف
    } من { $table } ({ $kind })
RETENTION_DONE =
    { $rows ->
        [zero] حُذف { $rows } صف
        [one] حُذف صف واحد
        [two] حُذف صفان
        [few] حُذفت { $rows } صفوف
        [many] حُذف { $rows } صفًا
       *[other] حُذف { $rows } صف
    }
INPUT_NOT_READ = لم يُنظر في الإدخال القياسي: يأخذ --token-file - رمز الوصول منه
USER_CREATED = يستطيع { $login } تسجيل الدخول بالدور { $role }
USER_ROLE_UNKNOWN = لا يوجد دور { $role } يمكن منحه في المجموعة كلها أو على وحدة؛ لم يُنشأ حساب دخول. الموجود: { $roles }
    .grant = لا يوجد دور { $role }. الموجود: { $roles }
USER_ROLE_WITHOUT_UNIT = الدور { $role } لا يُمنح على وحدة: احذف --unit
USER_ROLE_OF_A_UNIT = الدور { $role } يُمنح على وحدة: اذكرها باستخدام --unit
USER_UNIT_UNKNOWN = لا توجد وحدة { $unit }{ $hint }
USER_GRANTED = لدى { $login } الدور { $role }
    .already = لدى { $login } الدور { $role } هناك بالفعل: لم يتغير شيء
USER_WITHOUT_ROLE = أُنشئ حساب الدخول { $login }، لكن لم يُمنح الدور { $role }: امنحه بالأمر tally user grant { $login } { $role }{ $on }
IMPORT_INTERRUPTED = أوقفتَ العمل
IMPORT_CURRENCY = مبالغه بعملة { $said }، ومبالغ المجموعة بعملة { $is }
IMPORT_CURRENCY_CURE = اكتب المبالغ بعملة { $is }، واكتب currency: { $is }
IMPORT_BRANCH_REGION = يضع الفرع { $branch } في المنطقة { $said }، وهو في النظام في { $is }
IMPORT_BRANCH_REGION_CURE = اكتب { $is } للفرع { $branch } تحت branches:، أو أعطِ الفرع اسمًا آخر
IMPORT_NO_REGION = لا يذكر منطقة لـ { $branches }، فستقع في { $default }، وهي منطقة ليست لدى المجموعة
IMPORT_NO_REGION_CURE = اكتب أين يقع كل منها (لدى المجموعة { $known })، مثل branches: { "{" }"{ $branch }": { $region }{ "}" }
IMPORT_REGIONS = يضع فروعًا في مناطق ليست لدى المجموعة: { $unknown }
IMPORT_REGIONS_CURE = اذكر لكل فرع واحدة من { $known } تحت branches: في group.yaml، أو أضف المنطقة إلى المجموعة

## Console

UI_LANGUAGE_NAME = العربية
UI_SKIP = انتقل إلى المحتوى
UI_SCREENS = الشاشات
UI_WAY_HERE = موقعك الحالي
UI_HOME = الرئيسية
UI_GREETING = مرحبًا، { $name }
UI_LANGUAGE = اللغة
UI_THEME = الألوان
UI_THEME_AUTO = حسب النظام
UI_THEME_LIGHT = فاتح
UI_THEME_DARK = داكن
UI_DENSITY = الصفوف
UI_DENSITY_COMPACT = متراصة
UI_DENSITY_TOUCH = للمس
UI_ZONE = المنطقة الزمنية، مثل Asia/Shanghai
UI_KEEP_CHOICES = تطبيق
UI_SIGN_IN = تسجيل الدخول
UI_SIGN_OUT = تسجيل الخروج
UI_LOGIN = اسم الدخول
UI_PASSWORD = كلمة المرور
UI_CODE = الرمز
UI_CODE_HINT = الأرقام الستة التي يعرضها تطبيق المصادقة، أو رمز استرداد.
UI_NEW_PASSWORD = كلمة المرور الجديدة
UI_NEW_PASSWORD_HINT = كانت كلمة المرور هذه لدخول واحد. اكتب 12 حرفًا على الأقل؛ ويُستحسن أربع كلمات لا صلة بينها.
UI_SESSION_OVER = انتهت جلستك. سجّل الدخول للمتابعة؛ لن يضيع شيء مما أرسلته.
UI_SIGNED_IN_AGAIN = سجّلت الدخول من جديد
UI_SEND_AGAIN_SAID = ما أرسلته من قبل لا يزال هنا، ولم يُنفَّذ.
UI_SEND_AGAIN = إرسال الآن
UI_TO_HOME = إلى الصفحة الرئيسية
UI_TRY_AGAIN = إعادة المحاولة
UI_FOR_SUPPORT = للدعم الفني:
UI_NOT_FOUND = لا شيء هنا
UI_NOT_ALLOWED = لا يحق لك الاطلاع
UI_NOT_NOW = غير ممكن الآن
UI_REFUSED = لم تنجح العملية
UI_OPTIONAL = (اختياري)
UI_PUT_RIGHT = صحّح ما يلي:
UI_SAVE = حفظ
UI_CANCEL = إلغاء
UI_REMOVE = إزالة
UI_YES = نعم
UI_NO = لا
UI_SEARCH = بحث
UI_ALL = الكل
UI_GROUP_BY = تجميع حسب
UI_NOT_GROUPED = بلا تجميع
UI_GROUPED_BY = حسب { $column }
UI_COLUMNS = الأعمدة
UI_SHOW = عرض
UI_SHOW_ALL = عرض الكل
UI_PAGES = الصفحات
UI_PREVIOUS = السابقة
UI_NEXT = التالية
UI_PAGE_OF = { $page } من { $pages }
UI_ROWS =
    { $count ->
        [zero] { $count } صف
        [one] صف واحد
        [two] صفان
        [few] { $count } صفوف
        [many] { $count } صفًا
       *[other] { $count } صف
    }
UI_ROWS_OF = الصفوف: { $count } من { $total }
UI_EXPORT = تنزيل CSV
UI_NOTHING_FITS = لا شيء يطابق ما طلبته.
UI_NOTHING_THERE = لا شيء هنا بعد.
UI_NOTHING_TO_DRAW = لا توجد بيانات للرسم.
UI_LOADING = جارٍ التحميل…
UI_AS_OF = كما في
UI_NAME = الاسم
UI_EMPLOYEE_NO = الرقم الوظيفي
UI_UNIT = الوحدة
UI_POSITION = المنصب
UI_GRADE = المرتبة الوظيفية
UI_REGION = المنطقة
UI_SINCE = منذ
UI_STATE = الحالة
UI_SHARE = الحصة
UI_AMOUNT = المبلغ
UI_DAY = اليوم
UI_REASON = السبب
UI_REASON_HINT = يقرؤه من ينظر في هذا لاحقًا.
UI_SURE = نعم، أنا متأكد
UI_NO_PEOPLE = لا موظفين في هذا اليوم ضمن ما يحق لك الاطلاع عليه.
UI_GALLERY = المكوّنات
NAV_MINE = شؤوني
NAV_TEAM = الفريق
NAV_BRANCH = الفرع والمجموعة
NAV_PAY = الأجور
NAV_AUDIT = التدقيق
NAV_PLATFORM = النظام
NAV_PEOPLE = الموظفون
FORM_OF_ANOTHER_SITE = أُرسل هذا من موقع آخر: افتح الصفحة هنا وأرسل منها
FORM_OUTDATED = هذه الصفحة من جلسة سابقة: أعد تحميلها ثم أرسل مرة أخرى

## Console: access

NAV_WHY = لماذا يحق له
NAV_REVIEW = مراجعة الصلاحيات
NAV_GRANTS = الأدوار الممنوحة
NAV_LOGINS = حسابات الدخول
NAV_ROLES = الأدوار
NAV_DELEGATIONS = التفويضات
NAV_EMERGENCIES = الوصول الطارئ
NAV_KEYS = مفاتيح API
NAV_PROVIDERS = موفّرو الدخول الموحّد
NAV_ACCOUNT = حسابي
UI_KIND = النوع
UI_PERSON = الموظف
UI_WHO = من
UI_ROLE = الدور
UI_ROLES = الأدوار
UI_REACH = النطاق
UI_DAYS = الأيام
UI_CONDITION = الشرط
UI_GIVEN_BY = منحه
UI_GIVEN_AT = وقت المنح
UI_HOLDS_TODAY = سارٍ اليوم
UI_HOLDS = سارٍ
UI_OVER = انتهى
UI_FIRST_DAY = أول يوم
UI_LAST_DAY = آخر يوم
UI_UNTIL_WHEN = حتى
UI_PERMISSION = الصلاحية
UI_PERMISSIONS = الصلاحيات
UI_PERMISSIONS_HINT = أسماء تفصل بينها فواصل، مثل attendance.roster.write. وهي مذكورة في صفحة كل دور.
UI_WHAT_FOR = الغرض
UI_NEW_LOGIN = حساب دخول جديد
UI_LOGIN_HINT = ما يكتبه الموظف لتسجيل الدخول؛ ولا يكون لغيره في هذه المنظومة.
UI_PASSWORD_HINT = 12 حرفًا على الأقل؛ ويُستحسن أربع كلمات لا صلة بينها.
UI_LOGIN_OF = اتركه فارغًا لحساب دخول لا يخص شخصًا بعينه.
UI_RESET_PASSWORD = كلمة مرور جديدة لـ { $name }
UI_RESET_NOW = إنشاء كلمة مرور لمرة واحدة
UI_RESET_SAID = تنتهي كل جلسات حساب الدخول هذا. تُعرض كلمة المرور مرة واحدة، وتصلح لدخول واحد، ويجب تغييرها عنده.
UI_FACTOR_LOST = ضاع العامل الثاني: أزله أيضًا
UI_ONE_TIME_PASSWORD = كلمة مرور لمرة واحدة
UI_ONE_TIME_SAID = سلّمها باليد؛ تصلح حتى { $until }، لدخول واحد، ولن تُعرض مرة أخرى.
UI_ONCE_SAID = يُعرض هذا مرة واحدة. احفظه حيث لا يقرؤه إلا البرنامج.
UI_WRITTEN_DOWN = حفظته
UI_NEW_GRANT = منح دور
UI_GRANT_SAID = من يمنح دورًا يجب أن يملك كل صلاحياته حيث يمنحه. ويسري خلال ثانية.
UI_UNIT_OF_REACH = للنطاقات التي تذكر وحدة.
UI_REGION_OF_REACH = للنطاق الذي يذكر منطقة، مثل cn-north.
UI_WITH_FACTOR = بعامل ثانٍ
UI_ONLY_WITH_FACTOR = في الجلسات ذات العامل الثاني فقط
UI_ONLY_AT_HOURS = في هذه الساعات فقط
UI_HOURS_HINT = مثل 08:00-20:00؛ والفارغ يعني دائمًا.
UI_REVOKE_GRANT = سحب الدور
UI_REVOKE_SAID = يفقد { $name } الدور { $role } ({ $reach }) خلال ثانية.
UI_NEW_ROLE = دور جديد
UI_ROLE_READY = جاهز في النظام
UI_ROLE_OWN = خاص بالمجموعة
UI_ROLE_READY_SAID = هذا الدور جزء من النظام ولا يمكن تغييره. عرّف دورًا خاصًا بك حيث لا يناسب.
UI_ROLE_NAME_HINT = من 2 إلى 64 من الأحرف اللاتينية الصغيرة والأرقام و _.
UI_NOBODY_HOLDS = لا أحد يملك هذه الصلاحية.
UI_MYSELF = أنا
UI_WHOLE_GROUP = المجموعة كلها
UI_ASK = سؤال
UI_ALLOWED = مسموح
UI_NOT_ALLOWED_NOW = غير مسموح
UI_ROLES_THAT_GIVE = الأدوار التي تمنحها:
UI_WHO_COULD_GIVE = من يمكنه منحها:
UI_DELEGATOR = المفوِّض
UI_DELEGATE = المفوَّض
UI_DELEGATE_NOW = تفويض
UI_DELEGATIONS_SAID = يعير التفويض بعض صلاحياتك حتى وقت محدد. ونطاقه نطاقك، ولا يتجاوزه أبدًا.
UI_TYPED_AT = بتوقيت { $zone }.
UI_TO_REVIEW = بانتظار المراجعة
UI_REVIEWED = رُوجع
UI_NO_EMERGENCIES = لم يطلب أحد وصولًا طارئًا.
UI_OPEN_EMERGENCY = فتح وصول طارئ
UI_EMERGENCIES_SAID = يفتح الوصول الطارئ صلاحيات لساعة على الأكثر. ويُبلَّغ عنه، ويراجعه شخص آخر.
UI_EMERGENCY_OF = وصول طارئ لـ { $name }
UI_END_EMERGENCY = إنهاء الآن
UI_REVIEW_NOW = مراجعة
UI_WHAT_WAS_FOUND = نتيجة المراجعة
UI_TICKET = رقم البلاغ
UI_REASON_TWENTY = 20 حرفًا على الأقل؛ يقرؤه المراجع.
UI_FOR_HOW_LONG = المدة
UI_MINUTES =
    { $count ->
        [zero] { $count } دقيقة
        [one] دقيقة واحدة
        [two] دقيقتان
        [few] { $count } دقائق
        [many] { $count } دقيقة
       *[other] { $count } دقيقة
    }
UI_SERVICE_ACCOUNT = الحساب
UI_NEW_SERVICE_ACCOUNT = حساب خدمة جديد
UI_SERVICE_ACCOUNT_SAID = للبرنامج حساب خاص به، له أدوار كأدوار الأشخاص، ومفاتيح بدلًا من كلمة المرور.
UI_NEW_KEY = مفتاح جديد
UI_API_KEY = مفتاح API
UI_KEYS_SAID = تبادل البرامج المفتاح برمز يصلح عشر دقائق. ويمكن قصر المفتاح على بعض صلاحيات حسابه.
UI_KEY_PERMISSIONS_HINT = أسماء تفصل بينها فواصل؛ والفارغ يعني كل صلاحيات الحساب.
UI_KEY_YEAR = خلال 366 يومًا على الأكثر.
UI_NO_KEY = لا مفتاح بعد
UI_ALL_OF_ACCOUNT = كل صلاحيات الحساب
UI_LAST_USED = آخر استخدام
UI_REVOKE_KEY = إلغاء المفتاح
UI_REVOKE_KEY_SAID = لن يستطيع البرنامج الذي لديه المفتاح تسجيل الدخول بعد ذلك. ولا يمكن التراجع عن هذا.
UI_NO_PROVIDERS = لا موفّر دخول موحّد لموظفيك.
UI_NEW_PROVIDER = إضافة موفّر أو تغييره
UI_PROVIDERS_SAID = سجّل لدى الموفّر عنوان هذه الواجهة متبوعًا بـ { $path } بوصفه العنوان الذي يعود إليه المستخدمون.
UI_ISSUER = جهة الإصدار
UI_CLIENT_ID = معرّف العميل
UI_CLIENT_SECRET = سر العميل
UI_CLIENT_SECRET_HINT = اتركه فارغًا لعميل بلا سر. ولا يُعرض مرة أخرى أبدًا.
UI_CLAIM = حقل اسم الدخول (claim)
UI_CLAIM_HINT = مثل email، ولا يُؤخذ به إلا موثّقًا.
UI_REDIRECT = عنوان العودة
UI_PROVIDER_NAME_HINT = ما يختاره الناس به: من 2 إلى 50 من الأحرف اللاتينية الصغيرة والأرقام و -.
UI_PROVIDER_REGION_HINT = المنطقة التي يحق لأهلها استخدامه، أو * للجميع.
UI_SSO = الدخول عبر جهة عملك
UI_SSO_PROVIDER = اسم الموفّر
UI_SSO_SAID = ستنتقل إلى موفّر الدخول في جهة عملك لتسجّل الدخول هناك.
UI_GO_ON = متابعة
UI_SESSIONS = الجلسات
UI_THIS_ONE = هذه الجلسة
UI_END_SESSION = إنهاء
UI_END_ALL_SESSIONS = تسجيل الخروج من كل مكان
UI_CHANGE_PASSWORD = تغيير كلمة المرور
UI_CHANGE_PASSWORD_SAID = تنتهي جلساتك الأخرى.
UI_ADD_FACTOR = إضافة عامل ثانٍ
UI_REMOVE_FACTOR = إزالة العامل الثاني
UI_FACTOR_SAID = افتح تطبيق المصادقة وأضف هذا المفتاح، ثم اكتب الأرقام الستة التي يعرضها.
UI_FACTOR_SECRET = المفتاح
UI_FACTOR_OPEN = فتح في تطبيق المصادقة على هذا الجهاز
UI_CODE_OF_NEW = الأرقام الستة التي يعرضها تطبيق المصادقة الآن.
UI_CONFIRM = تأكيد
UI_RECOVERY_CODE = رمز استرداد
UI_RECOVERY_SAID = يقوم كل منها مقام رمز المصادقة مرة واحدة إذا ضاع تطبيق المصادقة. ولن تُعرض مرة أخرى.
WORD_SCOPE_KIND_SELF = نفسه
WORD_SCOPE_KIND_REPORTS = مرؤوسوه
WORD_SCOPE_KIND_UNIT = وحدة واحدة
WORD_SCOPE_KIND_SUBTREE = وحدة وكل ما تحتها
WORD_SCOPE_KIND_LEGAL_ENTITY = كيان قانوني
WORD_SCOPE_KIND_REGION = منطقة
WORD_SCOPE_KIND_TENANT = المجموعة كلها
WORD_ROLE_AGENT = موظف خدمة
WORD_ROLE_SUPERVISOR = مشرف
WORD_ROLE_BRANCH_HR = موارد الفرع البشرية
WORD_ROLE_GROUP_HR = موارد المجموعة البشرية
WORD_ROLE_COMPENSATION_SPECIALIST = أخصائي أجور
WORD_ROLE_APPROVER = معتمِد
WORD_ROLE_INTEGRATOR = مسؤول الربط
WORD_ROLE_AUDITOR = مدقق
WORD_ROLE_PLATFORM_OPERATOR = مشغّل النظام
WORD_ROLE_GROUP_ADMIN = مسؤول المجموعة
WORD_LOGIN_KIND_PERSON = موظف
WORD_LOGIN_KIND_USER = لا يخص شخصًا بعينه
WORD_LOGIN_KIND_SERVICE_ACCOUNT = برنامج
WORD_GRANT_VERDICT_ALLOWS = يسمح بهذا
WORD_GRANT_VERDICT_OUT_OF_REACH = دوره يمنح الصلاحية، لكن نطاقه لا يبلغ هذا
WORD_GRANT_VERDICT_CONDITION_UNMET = يسمح بهذا بعامل ثانٍ أو في ساعة أخرى
WORD_GRANT_VERDICT_NOT_NOW = يسمح بهذا في أيام أخرى
WORD_GRANT_VERDICT_NOT_ENTITLED = ليست لدى المجموعة هذه الوحدة البرمجية
WORD_GRANT_VERDICT_ROLE_LACKS = دوره لا يمنح هذه الصلاحية
WORD_MODULE_IDENTITY = الهوية
WORD_MODULE_ATTENDANCE = الدوام
WORD_MODULE_PERFORMANCE = الأداء
WORD_MODULE_COMPENSATION = الأجور
WORD_MODULE_TALENT = المواهب
WORD_MODULE_SUITE = كل الأجزاء
DONE_GRANT_GIVEN = مُنح الدور.
DONE_GRANT_TAKEN = سُحب الدور.
DONE_ROLE_DEFINED = حُفظ الدور.
DONE_DELEGATED = تم التفويض.
DONE_DELEGATION_ENDED = انتهى التفويض.
DONE_EMERGENCY_OPENED = فُتح الوصول الطارئ، وأُبلغ عنه.
DONE_EMERGENCY_ENDED = انتهى الوصول الطارئ.
DONE_EMERGENCY_REVIEWED = حُفظت المراجعة.
DONE_ACCOUNT_MADE = أُنشئ الحساب.
DONE_KEY_REVOKED = أُلغي المفتاح.
DONE_PROVIDER_KEPT = حُفظ الموفّر.
DONE_PROVIDER_REMOVED = أُزيل الموفّر.
DONE_PASSWORD_CHANGED = غُيّرت كلمة المرور، وانتهت جلساتك الأخرى.
DONE_FACTOR_REMOVED = أُزيل العامل الثاني.
DONE_SESSION_ENDED = انتهت الجلسة.
DONE_SESSIONS_ENDED = سُجّل خروجك من كل مكان.
SSO_OF_ANOTHER_BROWSER = بدأ تسجيل الدخول هذا في متصفح آخر أو قبل وقت طويل: ابدأ من جديد هنا

## Console: people and structure

NAV_ORG = الهيكل التنظيمي
NAV_CORRECTIONS = التصحيحات
NAV_ACCOUNTS = الحسابات
NAV_ALIASES = الألقاب
NAV_DEVICES = الأجهزة
NAV_SITES = المواقع
NAV_CATALOGUE = المناصب والمراتب
UI_ABOUT = عن
UI_ACCOUNT = الحساب
UI_ACCOUNT_HINT = كما يُسجَّل به الدخول في المنصة.
UI_ACTIONS = تغيير
UI_ADD_ACCOUNT = إضافة حساب
UI_ADD_ALIAS = إضافة لقب
UI_ADD_DEVICE = إضافة جهاز
UI_ADD_ENTRY = إضافة منصب أو مرتبة وظيفية
UI_ADD_PERSON = إضافة موظف
UI_ADD_PHASE = تغيير طريقة الاستخدام
UI_ADD_PHASE_SAID = تبقى الأيام السابقة كما هي. ولا تُضاف إلا مرحلة لاحقة: ما مضى يبقى كما قيل.
UI_ADD_SITE = إضافة موقع
UI_ADD_UNIT = إضافة وحدة
UI_ADD_UNIT_BELOW = إضافة وحدة تحتها
UI_AFTER = بعد
UI_ALIAS = اللقب
UI_ALIAS_END = إنهاء اللقب
UI_ALIAS_MOVE = إعطاؤه لشخص آخر
UI_ALL_STATES = الكل
UI_ALWAYS = دائمًا
UI_APPROVE = موافقة
UI_APPROVED = تمت الموافقة
UI_ASKED = مطلوب
UI_ASKED_AT = وقت الطلب
UI_ASKED_BY = طلبه
UI_AS_HOME = فارغ: كما في التوظيف الأساسي.
UI_AT_ONCE = المحادثات معًا
UI_AT_ONCE_HINT = كم محادثة يمكن لموظف واحد خدمتها معًا: 1 للصوت.
UI_BACKDATED = مقصود أن يبدأ قبل هذا الشهر: تُقرأ الأشهر المغلقة عندئذ بما يُعرف اليوم
UI_BEFORE = قبل
UI_CATALOGUE_SAID = الرمز نفسه مرة أخرى بأول يوم لاحق يبيّن ما يسري منذ ذلك اليوم. وبلا أي مدخلة يمكن كتابة أي منصب ومرتبة.
UI_CODE_NAME = الرمز
UI_CODE_NAME_HINT = ما تذكره سجلات التوظيف، مثل agent أو P3.
UI_CORRECTION_ABOUT_YOU = هذا عنك: يقرر فيه شخص آخر.
UI_CORRECTION_DECIDE = طلب هذا شخص آخر. ويُعتد به منذ موافقتك.
UI_CORRECTION_LOOK = ينتظر من يحق له الموافقة على التصحيحات.
UI_CORRECTION_OVER = لم يبق ما يُقرَّر فيه.
UI_CORRECTION_OWN = أنت من طلب هذا: يقرر فيه شخص آخر. ويمكنك سحبه ما دام ينتظر.
UI_COUNTS_NO_MORE = لم يعد هذا يُحسب، ويبقى مذكورًا لأن ما سُجّل لا يُزال.
UI_CUT_OVER = نهاية يوم العمل
UI_CUT_OVER_HINT = في هذا الوقت من الليل ينتهي يوم عمل ويبدأ التالي.
UI_DEED_CANCEL = إلغاء المخطط
UI_DEED_CANCEL_SAID = ما خُطّط له من هذا اليوم فصاعدًا لا يحدث؛ وما يسري اليوم يبقى.
UI_DEED_CORRECT_START = تصحيح أول يوم
UI_DEED_CORRECT_START_SAID = لأول يوم كُتب خطأً. ويبقى ما كان معروفًا من قبل محفوظًا.
UI_DEED_END = إنهاء التوظيف
UI_DEED_END_SAID = تنتهي بهذا اليوم أيضًا كل المهام الإضافية والإجازات.
UI_DEED_END_LEAVE = إنهاء الإجازة
UI_DEED_END_LINE = إنهاء خط الإشراف
UI_DEED_END_POST = إنهاء المهمة الإضافية
UI_DEED_LEAVE = إجازة
UI_DEED_LINE = تعيين المدير
UI_DEED_LINE_SAID = يحل خط الإشراف المباشر محل الساري في أيامه.
UI_DEED_POST = إعارة أو مهمة موازية
UI_DEED_RECTIFY = تصحيح الاسم أو الرقم
UI_DEED_RECTIFY_SAID = لما كُتب خطأً فقط. تزول الكلمة الخطأ عندئذ، ويحتفظ سجل التدقيق بأنها غُيّرت.
UI_DEED_REHIRE = إعادة تعيين
UI_DEED_TRANSFER = نقل أو ترقية
UI_DEED_TRANSFER_SAID = من هذا اليوم فصاعدًا؛ ويبقى ما كان قبله. والمرتبة الأخرى ترقية.
UI_DEVICE = الجهاز
UI_DEVICES_ALIASES = الألقاب والأجهزة
UI_DEVICE_END = إنهاء الجهاز
UI_DEVICE_HINT = كما يسمّيه المكتب أو المنصة، مع الأحرف الكبيرة كما هي.
UI_DEVICE_MOVE = إعطاؤه لشخص آخر
UI_EMPLOYED_AS = نوع التوظيف
UI_EMPLOYEE_NO_HINT = رقم المجموعة لهذا الموظف؛ لا يكون لغيره.
UI_EMPLOYMENTS = التوظيف
UI_EMPTY_STAYS = فارغ: يبقى كما هو.
UI_EVIDENCE = ما يثبته
UI_EXCLUSIVE = شخص واحد في الوقت الواحد
UI_EXCLUSIVE_FIELD = لا يكون إلا في عهدة شخص واحد في الوقت الواحد
UI_FACT = الواقعة
UI_FACTS = الوقائع
UI_FROM_BEGINNING_HINT = فارغ: من البداية.
UI_FROM_ON = من { $from } فصاعدًا
UI_FROM_TIME = من
UI_FROM_TO = من { $from } إلى { $to }
UI_FROM_WHEN = اعتبارًا من
UI_GONE_UNITS = وحدات أُغلقت
UI_HANDOVER = انتقال العهدة
UI_HIDDEN = محجوب عنك
UI_HISTORY = ما حدث
UI_ID_NUMBER = الرقم التعريفي
UI_ITS_ZONE = المنطقة الزمنية
UI_KNOWN_ON = كما عُرف في
UI_LADDER = الموضع في السلم الوظيفي
UI_LADDER_HINT = للمراتب وحدها، من 1 فصاعدًا: الأكبر أعلى.
UI_LEAVES = الإجازات
UI_LEAVE_KIND = السبب
UI_LEAVE_REASON = السبب بالكلمات
UI_LEAVE_REASON_HINT = لا يقرؤه إلا من يحق له معرفة سبب الغياب.
UI_LINE_KIND = نوع خط الإشراف
UI_LOOK = عرض ما يمسه
UI_MANAGER = المدير
UI_MERGE_ALSO = وهذه الوحدة أيضًا
UI_MERGE_INTO = في أي وحدة
UI_MOVE_PEOPLE_HINT = يلزم ما دام فيها موظفون.
UI_MOVE_PEOPLE_TO = ينتقل الموظفون والحسابات إلى
UI_NAME_HIDDEN = الاسم محجوب عنك
UI_NEW_PARENT = تحت أي وحدة
UI_NEW_PERSON = لمن هو منذ ذلك
UI_NOBODY = لا أحد
UI_NOBODY_CALLED = لا شيء في القائمة باسم «{ $text }»: اختر من القائمة
UI_NONE_KNOWN = غير معروف
UI_NOTHING_AFTER = لم يحدث قط، أو لم يعد يُحسب.
UI_NOTHING_BEFORE = لم يُسجَّل شيء.
UI_NOT_EMPLOYED = ليس موظفًا في هذا اليوم
UI_NOT_SAID = لم يُذكر
UI_NO_ACCOUNTS = لا حسابات ضمن ما يحق لك الاطلاع عليه: أضف الأول، أو استوردها من ملف.
UI_NO_ALIASES = لا ألقاب معروفة ضمن ما يحق لك الاطلاع عليه.
UI_NO_CATALOGUE = لا فهرس في هذا اليوم: يمكن كتابة أي منصب ومرتبة.
UI_NO_CORRECTIONS = لا تصحيحات في هذه الحالة.
UI_NO_CORRECTIONS_WAITING = لا شيء ينتظر قرارًا.
UI_NO_DEVICES = لا أجهزة معروفة ضمن ما يحق لك الاطلاع عليه.
UI_NO_DEVICES_ALIASES = لا شيء معروف لهذا الموظف.
UI_NO_EMPLOYMENTS = لا توظيف معروفًا ضمن ما يحق لك الاطلاع عليه.
UI_NO_LEAVES = لا إجازة معروفة.
UI_NO_MANAGER = لا يتبع أحدًا في هذا اليوم.
UI_NO_REASON = لم يُذكر سبب.
UI_NO_SITES = لا مواقع بعد: أضف الأول.
UI_NO_SLASH = اسم واحد بلا «/»: الوحدة الأعلى تُختار على حدة
UI_NO_UNITS = لا وحدات في هذا اليوم ضمن ما يحق لك الاطلاع عليه.
UI_NO_USES = لا يُعرف أن أحدًا عمل على جهاز في هذه الأيام.
UI_OF_PERSON = لموظف
UI_OF_SEAT = لمقعد
UI_ONE_OF_BOTH = موظف أو مقعد، لا كلاهما
UI_ONLY_NEWEST = يُعرض أحدثها فقط، وعددها { $count }: اختر حالة لترى أقل.
UI_ON_DAY = في { $day }
UI_OPEN_END_HINT = فارغ: لا نهاية معروفة.
UI_ORG_COUNTED =
    { $units ->
        [zero] { $units } وحدة
        [one] وحدة واحدة
        [two] وحدتان
        [few] { $units } وحدات
        [many] { $units } وحدة
       *[other] { $units } وحدة
    }، { $count ->
        [zero] { $count } موظف
        [one] موظف واحد
        [two] موظفان
        [few] { $count } موظفين
        [many] { $count } موظفًا
       *[other] { $count } موظف
    }
UI_OWN_ZONE = المنطقة الزمنية
UI_PARENT_NOT_THERE = تلك الوحدة غير موجودة في هذا اليوم
UI_PATH = المسار
UI_PATHS = الوحدات
UI_PEOPLE_BELOW = الموظفون مع كل الوحدات التي تحتها

## Console: cycles

UI_SEVERAL_CALLED = عدة أشياء باسم «{ $text }»: { $names }
NAV_CYCLES = الدورات
NAV_SCHEMES = خطط التقييم
NAV_MEASURES = المقاييس
NAV_RUNS = الإسناد
NAV_OBSERVATIONS = الأرصاد
PAGE_OUTDATED = حُسبت النتيجة من جديد بعد فتحك هذه الصفحة: انظر فيها كما هي الآن ثم أرسل مرة أخرى
UI_SAY_SURE = ضع علامة في هذا المربع للمتابعة
UI_VERSION = الإصدار
UI_INDICATORS = المؤشرات
UI_NO_SCHEMES = لا خطة تقييم بعد. ابدأ بنموذج أدناه أو بخطة جديدة.
UI_REFINEMENT = تخصّص معيارًا
UI_STANDARD = معيار
UI_STANDARD_BINDING = معيار ملزم
UI_OWN_SCHEME = مستقلة
UI_WITHDRAWN_FROM = بطل استعمالها من { $day }
UI_IN_USE = مستعملة
UI_WITHDRAWN_BECAUSE = بطل استعمالها من { $day } فصاعدًا: { $reason }
UI_SUPERSEDED_BY = استعمل الإصدار { $version } بدلًا منه.
UI_NEW_SCHEME = خطة تقييم جديدة
UI_SCHEME_TEMPLATES = نماذج للبدء بها
UI_BEGIN_WITH_IT = البدء به
UI_NEW_VERSION = إصدار جديد
UI_REFINE_IT = تخصيصه
UI_WHAT_IT_IS = ما هي
UI_SIDE_BY_SIDE = الإصدارات جنبًا إلى جنب
UI_BESIDE = بجانب الإصدار
UI_DIFFERING =
    { $count ->
        [0] متطابقة في كل شيء.
        [zero] متطابقة في كل شيء.
        [one] سطر واحد مختلف؛ وهو معلَّم.
        [two] سطران مختلفان؛ وهما معلَّمان.
        [few] { $count } أسطر مختلفة؛ وهي معلَّمة.
        [many] { $count } سطرًا مختلفًا؛ وهي معلَّمة.
       *[other] { $count } سطر مختلف؛ وهي معلَّمة.
    }
UI_DIFFERS = (مختلف)
UI_REFINEMENTS = الخطط التي تخصّصها
UI_SCORED_BY_IT = الدورات التي تُقيَّم بها
UI_WITHDRAW_SCHEME = إبطال الاستعمال
UI_WITHDRAW_VERSION_HINT = فارغ: الخطة كلها.
UI_WITHDRAW_FROM = من هذا اليوم فصاعدًا
UI_SUPERSEDED = الإصدار المستعمل بدلًا منه
UI_SUPERSEDED_HINT = فارغ: لا شيء.
UI_VERSION_N = الإصدار { $version }
UI_NAME_VERSION = { $name }، الإصدار { $version }
UI_REFINES = تخصّص
UI_COLLABORATION = تُضاف نقاط التعاون
UI_COLLABORATION_POINTS = نقاط التعاون
UI_CURRENCY = العملة
UI_CURRENCY_HINT = ثلاثة أحرف، مثل CNY. فارغ: عملة المجموعة.
UI_WRITTEN_IN = كُتبت في المنطقة
UI_INDICATOR_OF_TARGET = وزنه { $weight } من 100. الهدف: { $target } ({ $direction })؛ والنقاط بالتناسب معه، { $floor } على الأقل و{ $cap } على الأكثر.
UI_INDICATOR_OF_GROUP = وزنه { $weight } من 100 ({ $direction }). النقاط: { $how }، { $floor } على الأقل و{ $cap } على الأكثر.
UI_INDICATOR_SMALL = إن كان عدد السجلات المقيسة أقل من { $small } قُرّبت القيمة من قيمة الجميع.
UI_TEAM_MEDIAN = وسيط الفريق
UI_WEIGHT_BETWEEN = يمكن للتخصيص أن يجعل وزنه من { $least } إلى { $most }.
UI_WEIGHT_FIXED = يُبقيه التخصيص كما هو.
UI_MAY_BE_LEFT_OUT = يجوز حذفه.
UI_WEIGHT = الوزن
UI_TARGET = الهدف
UI_TARGET_HINT = فارغ: وسيط الفريق.
UI_DIRECTION = الأفضل
UI_HOW_POINTS = كيف تتحول إلى نقاط
UI_FLOOR_CAP = أقل النقاط وأكثرها
UI_FLOOR = أقل النقاط
UI_CAP = أكثر النقاط
UI_SMALL_SAMPLE = العينة صغيرة دون
UI_SMALL_SAMPLE_HINT = دون هذا العدد من السجلات تُقرَّب القيمة من قيمة الجميع. فارغ: لا تُقرَّب أبدًا.
UI_UNIT_OF_MEASURE = وحدة القياس
UI_KEY = الاسم المختصر
UI_KEY_HINT = فارغ: يُؤخذ من المقياس.
UI_MAY_BE_REFINED = يجوز للوحدات الأدنى تخصيصها
UI_MUST_BE_REFINED = لا تكون للوحدات الأدنى خطة لا تخصّصها
UI_WITHIN = مدى تغيّر الوزن
UI_WITHIN_HINT = نقاط زيادةً أو نقصًا في التخصيص. فارغ: لا تغيير.
UI_MEASURE = المقياس
UI_INDICATOR_N = المؤشر { $number }
UI_FROM_VERSION = بدأ من الإصدار { $version }. وتبقى الإصدارات السابقة كما هي.
UI_FROM_STANDARD = تخصّص { $name }، الإصدار { $version }: غيّر ما يتركه مفتوحًا.
UI_FROM_TEMPLATE = بدأت من نموذج. ضع أهدافك أنت.
UI_FROM_NOTHING = اذكر ما يُحسب وكم وزنه: مجموع الأوزان 100 بالضبط.
UI_NEW_VERSION_OF = إصدار جديد من { $name }
UI_SUM_WHOLE = مجموع الأوزان { $said }: يمكن الحفظ.
UI_SUM_SHORT = مجموع الأوزان { $said } من 100: ينقص { $rest }.
UI_SUM_OVER = مجموع الأوزان { $said }: يزيد على 100 بمقدار { $rest }.
UI_CHECK = فحص
UI_ADD_INDICATOR = إضافة مؤشر
UI_UNIT_OR_GROUP_HINT = فارغ: المجموعة كلها.
UI_NEW_MEASURE = مقياس جديد
UI_NO_MEASURES = لا مقاييس بعد.
UI_NO_MEASURE = لا يوجد مقياس كهذا، أو لا يحق لك الاطلاع عليه
UI_MEASURES_WHAT = ماذا يقيس
UI_SUPPLIED = مدمج
UI_RETIRED = موقوف
UI_RETIRED_BECAUSE = { $at }: { $reason }
UI_REVISION = التنقيح
UI_RETIRE = إيقاف الاستعمال
UI_RETIRE_SAID = لا يذكره عندئذ أي إصدار جديد لخطة. وتحتفظ الإصدارات الموجودة بنسختها.
UI_CHANGE_IT = تغيير
UI_MEASURE_OTHER_KIND = ما يتكون منه هذا المقياس يُغيَّر عبر API؛ ويمكن هنا تغيير اسمه ووحدته واتجاهه.
UI_TITLE_EN = الاسم بالإنجليزية
UI_TITLE_ZH = الاسم بالصينية
UI_MEASURE_KEY_HINT = ما تذكره به الخطط، مثل quality_check. ولا يتغير أبدًا.
UI_MIN_COUNT = أقل عدد يُعتد به
UI_MIN_COUNT_HINT = بأقل منه لا يُعد شيء مقيسًا. فارغ: لا قاعدة.
UI_OF_RECORDS = من السجلات
UI_OF_OBSERVATIONS = من الأرصاد
UI_OF_RATIO = مقياس على مقياس
UI_OBSERVED_OF = موضوع الرصد
UI_AGGREGATION = كيف تصير القيم قيمة واحدة
UI_RECORD_VALUE = قيمة السجل
UI_RECORD_VALUE_HINT = first_reply_seconds أو duration_seconds أو resolved أو rating أو amount أو عمود من أعمدتك. فارغ حيث تُعدّ السجلات.
UI_TEST = تُحسب «نعم» إن كانت
UI_TEST_VALUE = هذه القيمة
UI_RECORD_KINDS = أنواع السجلات
UI_LIST_HINT = افصل بين المتعدد بفواصل. فارغ: الكل.
UI_RATIO_OF = المقسوم
UI_RATIO_PER = المقسوم عليه
UI_IN_PERCENT = بالنسبة المئوية
UI_NEW_CYCLE = دورة تقييم جديدة
UI_NO_CYCLES = لا دورات بعد ضمن ما يحق لك الاطلاع عليه. أنشئ دورة لشهر، وأغلقها متى وصلت سجلاته.
UI_PERIOD = الفترة
UI_SCHEME = خطة التقييم
UI_PEOPLE_IN = أصحاب البطاقات
UI_PUBLISHED_AT = نُشرت
UI_CORRECTION_OF = تصحيح { $name }
UI_MAKE_CYCLE = إنشاء الدورة
UI_POPULATION = المشمولون
UI_POPULATION_SAID = فارغ: كل من في الوحدة وما تحتها.
UI_POSITIONS = المناصب
UI_GRADES = المراتب الوظيفية
UI_INCLUDE = يُضاف إليهم
UI_EXCLUDE = يُستثنى منهم
UI_PEOPLE_HINT = أرقام وظيفية تفصل بينها فواصل، أو رقم في كل سطر.
UI_AS_OF_DAY = حسب التوظيف في
UI_AS_OF_DAY_HINT = فارغ: آخر يوم في الفترة.
UI_PREVIEW_POPULATION = معاينة المشمولين
UI_IS_IN = مشمول
UI_IS_OUT = غير مشمول
UI_WHY = السبب
UI_EVERYBODY_OF_UNIT = كل من في الوحدة وما تحتها
UI_RUN = عملية الإسناد
UI_OPEN_RUN = فتح العملية
UI_CORRECTS = تصحّح
UI_OPEN_CORRECTED = فتح النتيجة المنشورة
UI_RESULT_VERSION = إصدار النتيجة
UI_STEP_MADE = أُنشئت
UI_STEP_TO_CLOSE = تُغلق متى وصلت سجلاتها
UI_STEP_CLOSING = جارٍ الإغلاق: تُسند السجلات وتُقيَّم البطاقات
UI_STEP_FAILED = تعذّر إغلاقها
UI_STEP_CLOSED = أُغلقت: قُيّمت كل البطاقات
UI_STEP_REVIEW = بانتظار النظر فيها ونشرها
UI_STEP_PUBLISHED = نُشرت: يعرف الجميع النتيجة
UI_PROGRESS = التقدم
UI_LOOK_AGAIN = تحديث
UI_DONE_OF = { $done } من { $total }
UI_WAITS_FOR_WORKER = ينتظر دوره
UI_CLOSE_CYCLE = إغلاق الدورة
UI_CLOSE_AGAIN = إغلاقها من جديد
UI_CANCEL_CLOSING = إيقاف الإغلاق
UI_CANCEL_CORRECTION = التخلص من التصحيح
UI_CANCEL_SAID = يُتخلص مما حُسب، ولا يتغير شيء آخر.
UI_CORRECT_CYCLE = تصحيح النتيجة
UI_CORRECT_SAID = تُحسب من جديد على الوقائع كما هي الآن، بجانب النتيجة المنشورة؛ ولا يعرفها أحد قبل نشرها.
UI_CORRECT_REASON_HINT = يقرؤه كل من له بطاقة.
UI_SCHEME_VERSION = إصدار الخطة
UI_SCHEME_VERSION_HINT = فارغ: الذي استُعمل.
UI_PUBLISH_RESULT = نشر النتيجة
UI_PUBLISH_SURE = نعم، يجوز للجميع معرفتها
UI_PUBLISH_SAID = يراها كل من له بطاقة، ومنها تُحسب الأجور. والنتيجة المنشورة لا تتغير أبدًا، ولا تُصحَّح إلا بإصدار آخر.
UI_PUBLISH_NOT_YOURS = النشر هنا لشخص آخر.
UI_PUBLISHED_ALREADY = هذه النتيجة منشورة بالفعل؛ لم يُنفَّذ شيء مرتين.
UI_PUBLISH_NOTHING_YET = لا نتيجة للنشر بعد: أغلق الدورة أولًا.
UI_BACK_TO_CYCLE = العودة إلى الدورة
UI_REVIEW = النتيجة
UI_RECORDS = السجلات
UI_CREDITED = المسندة
UI_UNATTRIBUTED = غير مسندة إلى أحد
UI_CREDITED_WITHIN = المسندة إلى موظفي الدورة
UI_CREDITED_OUTSIDE =
    { $people ->
        [zero] { $records } إلى آخرين
        [one] { $records } إلى موظف آخر
        [two] { $records } إلى موظفين آخرين اثنين
        [few] { $records } إلى { $people } موظفين آخرين
        [many] { $records } إلى { $people } موظفًا آخر
       *[other] { $records } إلى { $people } موظف آخر
    }
UI_CORRECTED_PEOPLE = من تختلف بطاقاتهم
UI_HOW_CREDITED = كيف أُسندت السجلات
UI_DISTRIBUTION = توزيع الدرجات
UI_SCORE_BETWEEN = من { $from } إلى ما دون { $to }
UI_PEOPLE_COUNT =
    { $count ->
        [zero] { $count } موظف
        [one] موظف واحد
        [two] موظفان
        [few] { $count } موظفين
        [many] { $count } موظفًا
       *[other] { $count } موظف
    }
UI_PEOPLE_HERE = موظفو هذه الوحدة نفسها
UI_PEOPLE_OF =
    { $count ->
        [zero] { $count } موظف
        [one] موظف واحد
        [two] موظفان
        [few] { $count } موظفين
        [many] { $count } موظفًا
       *[other] { $count } موظف
    }، منهم هنا { $own }
UI_PERSON_OR_SEAT = موظف أو مقعد
UI_PERSON_OR_SEAT_HINT = املأ الموظف أو المقعد.
UI_PHASE = طريقة الاستخدام
UI_PHASES = طريقة الاستخدام حسب التاريخ
UI_PHASE_HINT = مشترك: عدة موظفين باسم واحد. مسمّى: يحمل كل سجل اسم موظف خدمته. مختلط: في الطريق إلى ذلك.
UI_PLATFORM = المنصة
UI_POST = أي الاثنين
UI_PUNCH = تسجيل الدوام
UI_REJECT = رفض
UI_REJECTED = مرفوض
UI_REPORTS = مرؤوسو هذا الموظف
UI_REPORTS_TO = يتبع
UI_RESULTS = النتائج
UI_SEAT = المقعد
UI_SEAT_HINT = كما تسميه جداول المناوبات؛ ومن كانت له مناوبة عليه يعمل على الجهاز.
UI_SEAT_UNIT = وحدة المقعد
UI_SHIFT = المناوبة
UI_SOME_HIDDEN = بعض هذا محجوب عنك: أدوارك الممنوحة لا تفتحه.
UI_STORE = المتجر
UI_TEAM = الفريق
UI_TEAM_HINT = الفريق الذي يخدمه. فارغ: هو للمجموعة كلها.
UI_TICK_SURE = ضع علامة هنا أولًا
UI_TITLE = الاسم المعروض
UI_TODAY = اليوم
UI_TOUCHES = ما يمسه
UI_TOUCHES_SAID = لم يُكتب شيء: هذا ما سيكون.
UI_TO_TIME = إلى
UI_UNITS_BELOW = الوحدات التي تحتها
UI_UNIT_CLOSE = إغلاق الوحدة
UI_UNIT_CLOSE_SAID = يجب ألا تكون تحتها وحدات عندئذ. ينتقل موظفوها وحساباتها إلى حيث تذكر، ويبقى الماضي.
UI_UNIT_KIND_HINT = فارغ: فرع في الأعلى، وإلا ففريق.
UI_UNIT_MERGE = دمج في وحدة أخرى
UI_UNIT_MERGE_SAID = تنتقل الوحدات التي تحتها والموظفون والحسابات إلى الوحدة الأخرى، وتُغلق هذه.
UI_UNIT_MOVE = نقل تحت وحدة أخرى
UI_UNIT_MOVE_SAID = من هذا اليوم فصاعدًا مع كل الوحدات التي تحتها؛ ويحتفظ الماضي بالمكان القديم. وداخل المنطقة فقط.
UI_UNIT_NOT_ON_DAY = هذه الوحدة غير موجودة في هذا اليوم: تُعرض كما كانت آخر مرة، أو كما تبدأ.
UI_UNIT_REGION_HINT = لفرع في الأعلى؛ وللوحدات التي تحته منطقة فرعها.
UI_UNIT_RENAME = تغيير اسم الوحدة
UI_UNIT_RENAME_SAID = من هذا اليوم فصاعدًا؛ ويحتفظ الماضي بالاسم القديم.
UI_UNTIL = حتى { $to }
UI_WENT_INTO = صارت ضمن { $unit }
UI_WHAT = ماذا
UI_WHOLE_NUMBER = عدد صحيح
UI_WHOSE = لمن
UI_WHO_USED_WHAT = من استخدم ماذا
UI_WHY_HIDDEN = السبب محجوب عنك
UI_WHY_NOT_SAID = لم يُذكر السبب
UI_WITHDRAW = سحب
UI_WITHDRAWN = مسحوب
UI_YOU = أنت
UI_ZONE_HINT = فارغ: منطقة المجموعة.
DONE_PERSON_ADDED = أُضيف الموظف
DONE_PERSON_CHANGED = كُتب التغيير
DONE_ORG_CHANGED = غُيّر الهيكل التنظيمي
DONE_ACCOUNT_ADDED = أُضيف الحساب
DONE_PHASE_ADDED = كُتب التغيير
DONE_ALIAS_CHANGED = كُتب اللقب
DONE_DEVICE_CHANGED = كُتب الجهاز
DONE_SITE_ADDED = أُضيف الموقع
DONE_ENTRY_ADDED = كُتبت المدخلة
DONE_CORRECTION_APPROVED = تمت الموافقة: يُعتد به من الآن
DONE_CORRECTION_REJECTED = رُفض
DONE_CORRECTION_WITHDRAWN = سُحب
WORD_POST_HOME = أساسي
WORD_POST_CONCURRENT = مهمة موازية
WORD_POST_SECONDMENT = إعارة
WORD_EMPLOYMENT_REASON_HIRE = تعيين
WORD_EMPLOYMENT_REASON_REHIRE = إعادة تعيين
WORD_EMPLOYMENT_REASON_TRANSFER = نقل
WORD_EMPLOYMENT_REASON_PROMOTION = ترقية
WORD_EMPLOYMENT_REASON_SECONDMENT = إعارة
WORD_EMPLOYMENT_REASON_CONCURRENT_POST = مهمة موازية
WORD_EMPLOYMENT_REASON_REORGANISATION = إعادة هيكلة
WORD_LEAVE_KIND_SICK = مرضية
WORD_LEAVE_KIND_WORK_INJURY = إصابة عمل
WORD_LEAVE_KIND_MATERNITY = وضع
WORD_LEAVE_KIND_PARENTAL = رعاية طفل
WORD_LEAVE_KIND_CARE = رعاية فرد من الأسرة
WORD_LEAVE_KIND_UNPAID = بلا أجر بطلب الموظف
WORD_LEAVE_KIND_OTHER = أخرى
UI_MOVERS = الأكثر تغيرًا
UI_AGAINST = مقارنة بـ { $name }
UI_NOBODY_MOVED = لم تتغير درجة أحد.
UI_SCORE_RANK = { $score }، الترتيب { $rank }
UI_NOW = الآن
UI_DROPPED = مؤشرات لم تُحسب
UI_FINDINGS = ما ينبغي النظر فيه
UI_FINDINGS_ALL =
    { $count ->
        [0] لا شيء غريب.
        [zero] لا شيء غريب.
        [one] ملاحظة واحدة.
        [two] ملاحظتان.
        [few] { $count } ملاحظات.
        [many] { $count } ملاحظة.
       *[other] { $count } ملاحظة.
    }
UI_FINDINGS_MORE = أولى الملاحظات، وعددها { $count }؛ وهناك المزيد.
UI_FINDINGS_FIRST = أولى الملاحظات
UI_CARDS = البطاقات
UI_NO_CARDS = لا توجد بطاقة يحق لك الاطلاع عليها.
UI_RANK = الترتيب
UI_SCORE = الدرجة
UI_CREDITED_RECORDS = السجلات المسندة
UI_COMPARE_CARDS = مقارنة البطاقات
UI_WITH_PERSON = مع
UI_CHOOSE_PEOPLE = اختر موظفين أعلاه: تظهر بطاقاتهم هنا جنبًا إلى جنب.
UI_CHANGED_SINCE = ما تغيّر منذ حسابها
UI_NOTHING_CHANGED = لا شيء: إغلاقها من جديد يعطي النتيجة نفسها.
UI_CHANGED_ACCOUNTS =
    { $accounts ->
        [zero] لم يتغير شيء في أي حساب.
        [one] تغيّر شيء في حساب واحد.
        [two] تغيّر شيء في حسابين.
        [few] تغيّر شيء في { $accounts } حسابات.
        [many] تغيّر شيء في { $accounts } حسابًا.
       *[other] تغيّر شيء في { $accounts } حساب.
    }
UI_CHANGED_OBSERVATIONS =
    { $observations ->
        [zero] لم يصل رصد ولم يتغير.
        [one] وصل رصد واحد أو تغيّر.
        [two] وصل رصدان أو تغيّرا.
        [few] وصلت { $observations } أرصاد أو تغيّرت.
        [many] وصل { $observations } رصدًا أو تغيّر.
       *[other] وصل { $observations } رصد أو تغيّر.
    }
UI_CHANGED_OTHERS =
    { $others ->
        [zero] ولا حسابات أخرى لا يحق لك الاطلاع عليها.
        [one] وحساب واحد لا يحق لك الاطلاع عليه.
        [two] وحسابان لا يحق لك الاطلاع عليهما.
        [few] و{ $others } حسابات لا يحق لك الاطلاع عليها.
        [many] و{ $others } حسابًا لا يحق لك الاطلاع عليها.
       *[other] و{ $others } حساب لا يحق لك الاطلاع عليها.
    }
UI_CHANGED_RATE = تغيّر سعر الصرف من { $from } إلى { $to }.
UI_CHANGES_REMOVED = ما هو أقدم من { $day } ربما حُذف لانتهاء مدة الاحتفاظ، ولا يُحسب على النتيجة.
UI_CHANGED_ON_ACCOUNT = تغييرات السجلات: { $records }؛ أيام تغيّر فيها من على رأس العمل: { $days }
UI_CARD = البطاقة
UI_OF_CARDS = من { $of }
UI_OUTSIDE_OWN = منها خارج جدوله أو فريقه: { $records }
UI_POINTS_BY_INDICATOR = النقاط حسب المؤشر
UI_STEP_BY_STEP = خطوة خطوة
UI_VALUE = القيمة
UI_ADJUSTED = بعد قاعدة العينة الصغيرة
UI_POINTS = النقاط
UI_WEIGHTED = الموزونة
UI_MEASURED_ON = السجلات المقيسة
UI_CARD_VERSIONS = إصدارات هذه البطاقة
UI_VERSIONS_BESIDE = إصدارات البطاقة جنبًا إلى جنب
UI_NO_CARD_THEN = لا بطاقة
UI_NOT_PUBLISHED_YET = لم تُنشر هذه النتيجة بعد: لا يراها إلا من يراجعها.
UI_OPEN_PERSON = فتح الموظف
UI_DIGEST = البصمة الرقمية للمدخلات
UI_NEW_RUN = بدء عملية
UI_NO_RUNS = لا عمليات بعد. يبدأ إغلاق الدورة عملية، وكذلك هذه الصفحة قبل أي تقييم.
UI_STARTED = بدأت
UI_CYCLE = الدورة
UI_RULES = القواعد
UI_PEOPLE_CREDITED = المسند إليهم
UI_ACCOUNTS = الحسابات
UI_TOTALS = المجاميع حسب الموظف
UI_AT_LEAST = على الأقل
UI_AT_MOST = على الأكثر
UI_NAMED_SHARE = منها بلا شك
UI_CANCEL_RUN = إيقاف العملية
UI_START_RUN = بدء
UI_RUN_SAID = تُسند سجلات بعض الأيام ليُصحَّح الغريب قبل إغلاق الدورة. ولا تنتج عنها درجات.
UI_NO_OBSERVATIONS = لا أرصاد هنا. تصل الأرصاد باستيراد، أو من أنظمة أخرى عبر API.
UI_NO_OBSERVATION = لم يعد هذا الرصد موجودًا
UI_SOURCE = المصدر
UI_CAME_AT = وقت الوصول
UI_COUNTS = يُحسب
UI_WITH_VERSIONS = مع ما لم يعد يُحسب
UI_WITHDRAW_OBSERVATION = سحب الرصد
UI_WITHDRAW_SAID = لا يُحسب بعد ذلك. وتبقى إصداراته مقروءة مع السبب الذي تذكره.
WORD_CYCLE_STATE_OPEN = مفتوحة
WORD_CYCLE_STATE_CLOSING = جارٍ إغلاقها
WORD_CYCLE_STATE_REVIEWABLE = بانتظار المراجعة
WORD_CYCLE_STATE_PUBLISHED = منشورة
WORD_CYCLE_STATE_FAILED = فشل إغلاقها
WORD_ATTRIBUTION_RUN_STATE_RUNNING = جارية
WORD_ATTRIBUTION_RUN_STATE_DONE = اكتملت
WORD_ATTRIBUTION_RUN_STATE_FAILED = فشلت
WORD_ATTRIBUTION_RUN_STATE_CANCELLED = أُوقفت
WORD_NORMALISATION_TARGET_PIECEWISE = بالتناسب مع الهدف
WORD_NORMALISATION_MIN_MAX = بين أصغر قيمة وأكبرها لدى الجميع
WORD_NORMALISATION_PERCENTILE = نسبة من هم عندها أو دونها
WORD_NORMALISATION_T_SCORE = البعد عن متوسط الجميع (الدرجة التائية T)
WORD_DIRECTION_HIGHER = الأكثر أفضل
WORD_DIRECTION_LOWER = الأقل أفضل
WORD_REFINEMENT_STATE_UP_TO_DATE = محدَّثة
WORD_REFINEMENT_STATE_BEHIND_BUT_FITS = متأخرة لكنها موافقة
WORD_REFINEMENT_STATE_MUST_FOLLOW = يجب أن تتبع
WORD_REFINEMENT_STATE_PARENT_WITHDRAWN = بطل استعمال معيارها
WORD_POPULATION_REASON_FITS = يطابق كل ما ذُكر
WORD_POPULATION_REASON_NAMED_IN = مذكور بالاسم
WORD_POPULATION_REASON_NAMED_OUT = مستثنى بالاسم
WORD_POPULATION_REASON_NOT_EMPLOYED = ليس موظفًا في الفترة
WORD_POPULATION_REASON_OTHER_UNIT = في وحدة أخرى في ذلك اليوم
WORD_POPULATION_REASON_OTHER_POSITION = في منصب آخر في ذلك اليوم
WORD_POPULATION_REASON_OTHER_GRADE = في مرتبة أخرى في ذلك اليوم
WORD_POPULATION_REASON_OTHER_EMPLOYMENT_KIND = بنوع توظيف آخر في ذلك اليوم
WORD_POPULATION_REASON_EMPLOYMENT_KIND_NOT_SAID = لم يُذكر نوع توظيفه
WORD_DROP_REASON_NOBODY_HAS_DATA = لا أحد لديه بيانات
WORD_DROP_REASON_NO_DATA_OF_PERSON = لا بيانات لهذا الموظف
WORD_DROP_REASON_NO_TARGET = الوسيط ليس أكبر من الصفر، فلا هدف
WORD_DROP_REASON_TOO_LARGE = العدد أكبر من أن يُحسب به
WORD_DROP_REASON_TOO_LARGE_ELSEWHERE = عدد موظف آخر أكبر من أن يُحسب به
WORD_DROP_REASON_NO_PAST = لا قيمة سابقة للمقارنة بها
WORD_PERSON_CHANGE_KIND_EMPLOYMENT = وحدة أخرى، أو توظيف في أيام أخرى
WORD_PERSON_CHANGE_KIND_CAME_IN = صار مشمولًا
WORD_PERSON_CHANGE_KIND_WENT_OUT = لم يعد مشمولًا
WORD_PERSON_CHANGE_KIND_PAST = تغيّر ما له في دورات سابقة
WORD_OBSERVATION_END_REVISED = منقَّح
WORD_OBSERVATION_END_WITHDRAWN = مسحوب
WORD_EMPLOYMENT_KIND_FULL_TIME = دوام كامل
WORD_EMPLOYMENT_KIND_PART_TIME = دوام جزئي
WORD_EMPLOYMENT_KIND_FIXED_TERM = محدد المدة
WORD_EMPLOYMENT_KIND_INTERN = متدرب
WORD_EMPLOYMENT_KIND_AGENCY = عبر وكالة توظيف
WORD_EMPLOYMENT_KIND_OUTSOURCED = تعهيد خارجي
WORD_EMPLOYMENT_KIND_FREELANCE = عمل حر
WORD_ORG_UNIT_KIND_UNSPECIFIED = وحدة
WORD_ORG_UNIT_KIND_GROUP = مجموعة
WORD_ORG_UNIT_KIND_LEGAL_ENTITY = كيان قانوني
WORD_ORG_UNIT_KIND_BRANCH = فرع
WORD_ORG_UNIT_KIND_DEPARTMENT = قسم
WORD_ORG_UNIT_KIND_TEAM = فريق
WORD_REPORTING_LINE_KIND_UNSPECIFIED = خط إشراف
WORD_REPORTING_LINE_KIND_SOLID = خط إشراف مباشر: المسؤول
WORD_REPORTING_LINE_KIND_DOTTED = خط إشراف غير مباشر: مدير إضافي
WORD_CATALOGUE_KIND_UNSPECIFIED = مدخلة
WORD_CATALOGUE_KIND_POSITION = منصب
WORD_CATALOGUE_KIND_GRADE = مرتبة وظيفية
WORD_PHASE_KIND_UNSPECIFIED = لم يُذكر
WORD_PHASE_KIND_SHARED = مشترك
WORD_PHASE_KIND_MIXED = مختلط
WORD_PHASE_KIND_NAMED = مسمّى
WORD_FACT_STATE_UNSPECIFIED = يُحسب
WORD_FACT_STATE_COUNTS = يُحسب
WORD_FACT_STATE_VOIDED = مسحوب
WORD_FACT_STATE_MOVED = مستبدل
WORD_CORRECTION_ACTION_UNSPECIFIED = تصحيح
WORD_CORRECTION_ACTION_ADD = إضافة ما نُسي
WORD_CORRECTION_ACTION_VOID = لم يحدث قط
WORD_CORRECTION_ACTION_MOVE = حدث على نحو آخر
WORD_CORRECTION_ACTION_CHANGE = غيره من الآن
WORD_CORRECTION_ACTION_CANCEL = حذف من جدول المناوبات
WORD_CORRECTION_ACTION_END = إنهاء
WORD_CORRECTION_STATE_UNSPECIFIED = للمعاينة فقط

## Console: mine

NAV_TODAY = اليوم
NAV_MONTH = شهري
NAV_MY_PAY = أجري
NAV_FACTS = وقائعي
UI_MINE_ZONE = الأوقات بتوقيت { $zone }.
UI_MINE_ZONE_OTHER = الأوقات بتوقيت { $zone } كما اخترت؛ وأنت تعمل في { $site }، والأيام هي أيام ذلك الموقع.
UI_MINE_LASTS = { $hours } س { $minutes } د
UI_MINE_LASTS_COLUMN = وقت العمل
UI_MINE_ACCOUNT = الحساب … { $code }
UI_MINE_ACCOUNT_COLUMN = الحساب
UI_MINE_FREE = لا شيء مخطط اليوم
UI_MINE_AHEAD = تبدأ مناوبتك في { $at }
UI_MINE_LATE = بدأت مناوبتك في { $at }؛ ولم تسجّل حضورك
UI_MINE_ABSENT = مناوبة مخططة بلا تسجيل دوام
UI_MINE_IN = حاضر منذ { $at }
UI_MINE_MISSING = ينقص تسجيل دوام
UI_MINE_WAS = في العمل مدة { $lasts }
UI_MINE_DAY_FREE = بلا مناوبة
UI_MINE_DAY_AHEAD = مخطط
UI_MINE_DAY_LATE = لم يحضر بعد
UI_MINE_DAY_ABSENT = بلا تسجيل دوام: صحّح
UI_MINE_DAY_IN = حاضر
UI_MINE_DAY_MISSING = ينقص تسجيل دوام: صحّح
UI_MINE_DAY_WAS = مكتمل
UI_MINE_COME = تسجيل الحضور
UI_MINE_LEAVE = تسجيل الانصراف
UI_MINE_SHIFT = المناوبة
UI_MINE_NO_SHIFT = لا مناوبة مخططة لهذا اليوم.
UI_MINE_SEAT = المقعد
UI_MINE_PUNCHES = تسجيلات الدوام
UI_MINE_NO_PUNCHES = لا تسجيل دوام في هذا اليوم بعد.
UI_MINE_TO_FACTS = كل الأيام والتصحيحات
UI_MINE_ACCOUNTS = الحسابات
UI_MINE_NO_ACCOUNTS = لا حساب مخططًا لك. اسأل مشرفك إن كنت تخدم حسابًا.
UI_MINE_TAKE = استلام
UI_MINE_RELEASE = تسليم
UI_MINE_HELD_BY_ME = في عهدتك منذ { $at }
UI_MINE_HELD_BY = في عهدة { $name } منذ { $at }
UI_MINE_HELD_BY_OTHER = في عهدة شخص آخر منذ { $at }
UI_MINE_HELD_BY_NOBODY = ليس في عهدة أحد يحق لك أن تراه
UI_MINE_DRIFT =
    { $minutes ->
        [zero] ساعة جهازك مضبوطة. يُحسب التسجيل بوقتنا، ويُحفظ معه ما ذكره جهازك.
        [one] ساعة جهازك تختلف بدقيقة واحدة. يُحسب التسجيل بوقتنا، ويُحفظ معه ما ذكره جهازك.
        [two] ساعة جهازك تختلف بدقيقتين. يُحسب التسجيل بوقتنا، ويُحفظ معه ما ذكره جهازك.
        [few] ساعة جهازك تختلف بمقدار { $minutes } دقائق. يُحسب التسجيل بوقتنا، ويُحفظ معه ما ذكره جهازك.
        [many] ساعة جهازك تختلف بمقدار { $minutes } دقيقة. يُحسب التسجيل بوقتنا، ويُحفظ معه ما ذكره جهازك.
       *[other] ساعة جهازك تختلف بمقدار { $minutes } دقيقة. يُحسب التسجيل بوقتنا، ويُحفظ معه ما ذكره جهازك.
    }
UI_MINE_DROPPED = لا يُحسب
UI_MINE_ADDED = بتصحيح
UI_MINE_MOVE = تصحيح
UI_MINE_VOID = لم يكن قط
UI_MINE_OTHERS_PUNCH = سجّل هذا شخص آخر على هذا الجهاز: عليه تسجيل الدخول ليرسله
UI_MINE_LATE_REASON = سُجّل بلا شبكة في { $at }
UI_MINE_LATE_ASKED = سُجّل في { $recorded }. واحتسابه في { $at }، حين ضغطت، ينتظر الموافقة.
UI_MINE_LATE_NOT_ASKED = سُجّل في { $recorded }. وقد ضغطت في { $at }، وتعذّر طلب ذلك ({ $why }): صحّحه في «وقائعي».
UI_QUEUE = تسجيلات دوام بلا شبكة
UI_QUEUE_WAITING = ينتظر الشبكة، ثم يُرسل تلقائيًا
UI_QUEUE_RECORDED = سُجّل
UI_QUEUE_REFUSED = رُفض
UI_OFFLINE = لا شبكة
UI_OFFLINE_SAID = يمكنك تسجيل دوامك مع ذلك: يحفظ جهازك التسجيل بوقته ويرسله متى عادت الشبكة.
UI_OFFLINE_SCRIPTS = يتطلب تسجيل الدوام بلا شبكة برامج نصية لا يشغّلها متصفحك.
UI_MINE_CYCLES = الدورات
UI_MINE_SCORE = الدرجة
UI_MINE_PLACE = الترتيب
UI_MINE_RANK = { $rank } من { $of }
UI_MINE_GAP = نقاط حتى الأهداف
UI_MINE_GAP_SAID = مجموع ما ينقص المؤشرات التي دون أهدافها
UI_MINE_COLLABORATION = التعاون
UI_MINE_STEPS = الدرجة خطوة خطوة
UI_MINE_OF_WEIGHT = { $points } من { $weight }
UI_MINE_IN_WORDS = كل خطوة بالكلمات
UI_MINE_HELPS = ما يفيد أكثر
UI_MINE_HELPS_NOTHING = كل المؤشرات عند أهدافها.
UI_MINE_LACKS = النقاط الناقصة:
UI_MINE_TOTALS = السجلات المسندة
UI_MINE_INTERVAL = العلامة هي ما أُسند إليك؛ وبيقين 90 % يقع ما خدمته داخل الشريط.
UI_MINE_ALL_ACCOUNTS = كل الحسابات
UI_MINE_HOW_SURE = درجة اليقين
UI_MINE_TO_RECORDS = كل سجل والسبب
UI_MINE_RECORDS = السجلات
UI_MINE_RECORD = السجل
UI_MINE_BEGAN = البداية
UI_MINE_SHARE = حصتك
UI_MINE_OTHERS = الآخرون
UI_MINE_NO_RECORDS = لا سجل مسندًا إليك هنا.
UI_MINE_WHY = السبب
UI_MINE_HIDDEN = حيث تظهر *** شخص لا يحق لك أن تراه.
UI_MINE_VERSIONS = الإصدارات
UI_MINE_VERSION = الإصدار { $number }: الدرجة { $score }
UI_MINE_NO_VERSIONS = لم تُنشر هذه البطاقة بعد.
UI_MINE_DRAFT = هذه الدورة قيد المراجعة: قد تتغير الدرجة حتى نشرها.
UI_MINE_NO_CARD = ليست لك بطاقة تقييم بعد. تظهر متى نُشرت دورة تشملك.
UI_MINE_STATEMENT = كشف المستحقات
UI_MINE_STATEMENTS = كشوف المستحقات
UI_MINE_NO_STATEMENTS = ليس لك كشف مستحقات بعد. يظهر متى أُجريت تسوية من دورة منشورة.
UI_MINE_EQUAL = بالتساوي
UI_MINE_LINES = مم يتكون
UI_MINE_NO_LINES = يدفع هذا الكشف تسويات فروق فقط.
UI_MINE_ADJUSTMENTS = تصحيح كشوف سابقة
UI_MINE_DELTAS = مبالغ صُحّحت
UI_MINE_LEFT = باقٍ للتسوية:
UI_MINE_LEFT_NEXT = متروك للكشف التالي:
UI_MINE_BEHIND =
    تستند الدرجة إلى { $total ->
        [zero] { $total } سجل
        [one] سجل واحد
        [two] سجلين
        [few] { $total } سجلات
        [many] { $total } سجلًا
       *[other] { $total } سجل
    }؛ { $count ->
        [zero] لا يُعرض منها شيء
        [one] يُعرض منها واحد
        [two] يُعرض منها اثنان
        [few] يُعرض منها { $count }
        [many] يُعرض منها { $count }
       *[other] يُعرض منها { $count }
    }.
UI_MINE_NO_DAYS = لا تسجيل دوام ولا مناوبة في هذا الشهر.
UI_MINE_FINDINGS = الغريب فيما يخصك
UI_MINE_NO_FINDINGS = لا شيء: تسجيلات دوامك وسجلاتك متوافقة.
UI_MINE_ADVICE = ما العمل:
UI_MINE_FIX = طلب ما يصحّحه
UI_MINE_CORRECTIONS = التصحيحات
UI_MINE_NO_CORRECTIONS = لم تطلب أي تصحيح.
UI_MINE_WITHDRAW = سحب
UI_MINE_HANDOVERS = انتقالات العهدة
UI_MINE_NO_HANDOVERS = لم تستلم حسابًا ولم تسلّمه في هذا الشهر.
UI_MINE_ADD = إضافة تسجيل دوام
UI_MINE_MOVE_TITLE = تصحيح تسجيل دوام
UI_MINE_VOID_TITLE = تسجيل دوام لم يكن قط
UI_MINE_IT_WAS = المسجّل: { $kind }، { $at }
UI_MINE_RIGHT_SAID = يوافق عليه شخص آخر؛ وحتى ذلك يبقى كل شيء كما هو. وما سُجّل لا يُمحى أبدًا.
UI_MINE_WHEN = متى كان
UI_MINE_KIND = حضور أم انصراف
UI_MINE_ASK = طلب
WORD_PUNCH_KIND_IN = حضور
WORD_PUNCH_KIND_OUT = انصراف
WORD_PUNCH_VERDICT_ACCEPTED = سليمة
WORD_PUNCH_VERDICT_DOUBLE_IN = كنت حاضرًا بالفعل: يبدأ هذا من جديد
WORD_PUNCH_VERDICT_OUT_WITHOUT_IN = انصراف بلا حضور قبله
WORD_PUNCH_VERDICT_OFF_ROSTER = غير مخطط لهذا الوقت
WORD_HANDOVER_KIND_TAKE = استلام
WORD_HANDOVER_KIND_RELEASE = تسليم
WORD_CORRECTION_STATE_WAITING = ينتظر الموافقة
WORD_CORRECTION_STATE_APPROVED = تمت الموافقة
WORD_CORRECTION_STATE_MADE = صُحّح مباشرة
WORD_CORRECTION_STATE_REJECTED = مرفوض
WORD_CORRECTION_STATE_WITHDRAWN = مسحوب
WORD_PUNCH_KIND_UNSPECIFIED = تسجيل دوام
WORD_HANDOVER_KIND_UNSPECIFIED = انتقال عهدة
UI_DIALOGUES_AT_ONCE =
    { $count ->
        [zero] { $count } محادثة معًا
        [one] محادثة واحدة في الوقت الواحد
        [two] محادثتان معًا
        [few] { $count } محادثات معًا
        [many] { $count } محادثة معًا
       *[other] { $count } محادثة معًا
    }

## Console: team

NAV_TEAM_MONTH = شهر الفريق
NAV_TEAM_ACCOUNTS = الحسابات عبر الوقت
NAV_FINDINGS = الملاحظات
NAV_HANDOVERS = انتقالات العهدة
NAV_ROSTER = جدول المناوبات
UI_TEAM_ABOUT = عن
UI_TEAM_ACCOUNT = الحساب
UI_TEAM_ACCOUNTS_SAID = اختر حسابًا لترى في عهدة من كان، وما ورد، ولمن هو.
UI_TEAM_ASK_TO_PUT_RIGHT = طلب تصحيحه
UI_TEAM_BEGAN = البداية
UI_TEAM_BROUGHT_BY = التصحيح الذي أتى به
UI_TEAM_BY_ACCOUNTS = حسب الحسابات
UI_TEAM_BY_PEOPLE = حسب الموظفين
UI_TEAM_BY_WHAT = موظفون أم حسابات
UI_TEAM_CANCEL_SHIFT = إلغاء المناوبة
UI_TEAM_CERTAIN = مؤكد
UI_TEAM_CERTAIN_SAID = مسمّى أو مطالَب به أو في العهدة أو كان وحده على رأس العمل
UI_TEAM_CHANGE_SHIFT = تغيير المناوبة
UI_TEAM_COLLABORATION = التعاون
UI_TEAM_COMPARED_WITH = مقارنة بـ { $before }
UI_TEAM_CORRECTIONS_WAIT =
    { $count ->
        [zero] لا تصحيح لانتقال عهدة ينتظر الموافقة
        [one] تصحيح واحد لانتقال عهدة ينتظر الموافقة
        [two] تصحيحان لانتقالات عهدة ينتظران الموافقة
        [few] { $count } تصحيحات لانتقالات عهدة تنتظر الموافقة
        [many] { $count } تصحيحًا لانتقالات عهدة ينتظر الموافقة
       *[other] { $count } تصحيح لانتقالات عهدة ينتظر الموافقة
    }
UI_TEAM_CORRECTION_NOT_YOURS = يحق لك النظر فيه، لا طلب تصحيحه.
UI_TEAM_CORRECTION_WAITS = تصحيح له ينتظر الموافقة.
UI_TEAM_COUNTS_NO_MORE = لم يعد يُحسب، فلا شيء يُصحَّح هنا.
UI_TEAM_COUNTS_NO_MORE_BY = التصحيح الذي أوقف حسابه
UI_TEAM_COUNTS_PUT_RIGHT = صُحّح
UI_TEAM_CREDITED_TO_NOBODY =
    { $count ->
        [zero] لا سجل في هذه الأيام غير مسند إلى أحد.
        [one] سجل واحد في هذه الأيام غير مسند إلى أحد.
        [two] سجلان في هذه الأيام غير مسندين إلى أحد.
        [few] { $count } سجلات في هذه الأيام غير مسندة إلى أحد.
        [many] { $count } سجلًا في هذه الأيام غير مسند إلى أحد.
       *[other] { $count } سجل في هذه الأيام غير مسند إلى أحد.
    }
UI_TEAM_CREDITS_OF = الحصص من
UI_TEAM_CUSTOMER = العميل
UI_TEAM_CYCLE = الدورة
UI_TEAM_DAYS =
    { $count ->
        [zero] { $count } يوم
        [one] يوم واحد
        [two] يومان
        [few] { $count } أيام
        [many] { $count } يومًا
       *[other] { $count } يوم
    }
UI_TEAM_DAYS_SHOWN = الأيام المعروضة
UI_TEAM_DAYS_TOO_MANY = الحد الأقصى للأيام معًا { $limit }
UI_TEAM_DAY_DRAWN =
    { $day }: { $records ->
        [zero] لا سجلات
        [one] سجل واحد
        [two] سجلان
        [few] { $records } سجلات
        [many] { $records } سجلًا
       *[other] { $records } سجل
    }، { $gaps ->
        [0] يوجد من هو على رأس العمل طوال اليوم
        [zero] يوجد من هو على رأس العمل طوال اليوم
        [one] فترة واحدة بلا أحد على رأس العمل
        [two] فترتان بلا أحد على رأس العمل
        [few] { $gaps } فترات بلا أحد على رأس العمل
        [many] { $gaps } فترة بلا أحد على رأس العمل
       *[other] { $gaps } فترة بلا أحد على رأس العمل
    }.
UI_TEAM_DEVICE = الجهاز
UI_TEAM_DUTY_AS_TABLE = من على رأس العمل، في جدول
UI_TEAM_EARLIER_VERSIONS = إصدارات سابقة
UI_TEAM_ENDED = النهاية
UI_TEAM_END_HINT = إن لم تكن بعد البداية فهي في اليوم التالي.
UI_TEAM_EVIDENCE = الأدلة
UI_TEAM_FINDINGS_OF = الملاحظات من
UI_TEAM_FIRST_DAY = أول يوم
UI_TEAM_FIRST_REPLY = الرد الأول
UI_TEAM_FIX = يمكن تصحيحه
UI_TEAM_FIXABLE =
    { $count ->
        [zero] لا شيء منها يمكن تصحيحه من هنا.
        [one] واحدة منها يمكن تصحيحها من هنا: افتحها لترى ما سيُفعل.
        [two] اثنتان منها يمكن تصحيحهما من هنا: افتح إحداهما لترى ما سيُفعل.
        [few] { $count } منها يمكن تصحيحها من هنا: افتح إحداها لترى ما سيُفعل.
        [many] { $count } منها يمكن تصحيحها من هنا: افتح إحداها لترى ما سيُفعل.
       *[other] { $count } منها يمكن تصحيحها من هنا: افتح إحداها لترى ما سيُفعل.
    }
UI_TEAM_FIX_ALIAS = سيعني «{ $alias }» على { $platform } الموظف { $person }.
UI_TEAM_FIX_AT_ONCE = يُعتد به فورًا.
UI_TEAM_FIX_CLOSE = ستُغلق الدورة من جديد.
UI_TEAM_FIX_HANDOVER = سيُضاف انتقال عهدة { $account } من { $person }: { $kind }، { $at }.
UI_TEAM_FIX_MOVE = سينتقل السجل { $record } من { $from } إلى { $to }.
UI_TEAM_FIX_NONE = لا يُستنتج مما هو معروف ما يصحّح هذا: يجب أن يذكره من كان حاضرًا. وتبيّن النصيحة أعلاه ما العمل.
UI_TEAM_FIX_NOT_YOURS = يمكن لمن له صلاحيات أكثر تصحيح هذا.
UI_TEAM_FIX_OTHER = سيُستدعى { $call }.
UI_TEAM_FIX_PUNCH = سيُضاف تسجيل دوام لـ { $person }: { $kind }، { $at }.
UI_TEAM_FIX_THERE = يمكن تصحيحه
UI_TEAM_FIX_WAITS = يجب أن يوافق عليه شخص آخر قبل أن يُعتد به.
UI_TEAM_FORGOTTEN_HANDOVER = إضافة انتقال عهدة منسي
UI_TEAM_MONDAY = الاثنين
UI_TEAM_TUESDAY = الثلاثاء
UI_TEAM_WEDNESDAY = الأربعاء
UI_TEAM_THURSDAY = الخميس
UI_TEAM_FRIDAY = الجمعة
UI_TEAM_SATURDAY = السبت
UI_TEAM_SUNDAY = الأحد
UI_TEAM_FROM = من
UI_TEAM_GAP_AT = لا أحد { $gaps }
UI_TEAM_GAP_BUSY = لا أحد على رأس العمل، وقد وردت سجلات
UI_TEAM_HANDOVER = انتقال العهدة
UI_TEAM_HOW_KNOWN = كيف عُرف
UI_TEAM_HOW_SURE = درجة اليقين
UI_TEAM_HOW_THE_SCORE_CAME = كيف جاءت الدرجة
UI_TEAM_INDICATOR = المؤشر
UI_TEAM_KIND = النوع
UI_TEAM_LAST_DAY = آخر يوم
UI_TEAM_LAST_DAY_HINT = فارغ: أول يوم وحده.
UI_TEAM_LEGEND = كيف يُقرأ
UI_TEAM_LEGEND_SAID = يُلوَّن كل سجل بألوان من أُسند إليهم، بارتفاع حصة كل منهم، ويبهت اللون كلما قلّت حصتهم. والحرف لصاحب الحصة الأكبر؛ والأسماء عند المسارات. والدوائر تسجيلات دوام وانتقالات عهدة: ممتلئة للحضور والاستلام، ومفرغة للانصراف والتسليم.
UI_TEAM_LOOK_AT_IT = عرض
UI_TEAM_MOVED = تغيّر الدرجة
UI_TEAM_MOVE_HINT = لا يُقرأ إلا إن حدث في وقت آخر.
UI_TEAM_NAMED = الموظف المسمّى
UI_TEAM_NOBODY = لا أحد
UI_TEAM_NOBODY_ON_DUTY = لا أحد على رأس العمل
UI_TEAM_NOTHING_ODD = لا شيء غريب في هذا الشهر.
UI_TEAM_NOT_CREDITED = لم يُسند بعد
UI_TEAM_NOT_CREDITED_YET = لم يُسند شيء هنا بعد: لا تغطيه دورة مغلقة ولا عملية إسناد. يُعرض ما ورد ومن كان على رأس العمل.
UI_TEAM_NO_ACCOUNTS = لا حساب ضمن ما يحق لك الاطلاع عليه.
UI_TEAM_NO_CARDS = لا بطاقات تقييم ضمن ما يحق لك الاطلاع عليه.
UI_TEAM_NO_CARDS_DO = تظهر متى أُغلقت دورة. اختر دورة أخرى أعلاه، أو انظر في الحسابات حتى ذلك.
UI_TEAM_NO_CARD_OF_PERSON = لا بطاقة لهذا الموظف في هذه الدورة.
UI_TEAM_NO_FINDINGS = لم يوجد شيء ينبغي النظر فيه.
UI_TEAM_NO_FINDINGS_DO = تأتي الملاحظات مع كل عملية إسناد، ولو قبل إغلاق الدورة.
UI_TEAM_NO_HANDOVERS = لا انتقال عهدة في هذه الأيام.
UI_TEAM_NO_HANDOVERS_DO = اختر أيامًا أخرى أعلاه. تُسجَّل انتقالات العهدة حيث يستلم الموظفون حسابًا ويسلّمونه.
UI_TEAM_NO_RECORDS = لم يرد سجل في هذه الأيام.
UI_TEAM_NO_SHIFT = بلا مناوبة
UI_TEAM_ON_DUTY = على رأس العمل
UI_TEAM_ON_DUTY_HELD = على رأس العمل بانتقال العهدة
UI_TEAM_ON_DUTY_LOOSE = على رأس العمل بوصفه من الفريق
UI_TEAM_OTHERS = موظفون لا يحق لك أن تراهم
UI_TEAM_OTHER_ACCOUNT = حساب لا يحق لك الاطلاع عليه
UI_TEAM_OUTSIDE = سجلات في مكان آخر
UI_TEAM_PERSON = الموظف
UI_TEAM_PERSON_HINT = اسم أو رقم وظيفي من القائمة.
UI_TEAM_PHASE = طريقة الاستخدام
UI_TEAM_PLATFORM = المنصة
UI_TEAM_POINTS = النقاط
UI_TEAM_POINTS_BY_INDICATOR = نقاط كل مؤشر
UI_TEAM_POLICY = السياسة
UI_TEAM_PUBLISH_SAID = الأوقات بمنطقة الحساب الزمنية. ويقرأ المناوبة صاحبها فورًا.
UI_TEAM_PUBLISH_SHIFTS = نشر المناوبات
UI_TEAM_PUNCHED = سجّل حضوره
UI_TEAM_PUT_IT_RIGHT = تصحيح
UI_TEAM_PUT_RIGHT_BECAUSE = سبب التصحيح
UI_TEAM_RANGE = المدى (90 %)
UI_TEAM_RANK = الترتيب
UI_TEAM_RANK_OF = { $rank } من { $of }
UI_TEAM_RATING = التقييم
UI_TEAM_RECORD = السجل
UI_TEAM_RECORDS = السجلات
UI_TEAM_RECORDS_AS_TABLE = السجلات في جدول
UI_TEAM_RECORDS_CAME = سجلات وردت
UI_TEAM_RECORDS_CREDITED = مسندة إلى من يحق لك أن تراهم
UI_TEAM_REFUND_OF = رد لمبلغ
UI_TEAM_RESOLVED = محلول
UI_TEAM_ROSTERED = له مناوبة
UI_TEAM_SCORE = الدرجة
UI_TEAM_SCORE_MEDIAN = وسيط الدرجات
UI_TEAM_SEAT = المقعد
UI_TEAM_SECONDS = { $seconds } ث
UI_TEAM_SHIFT = المناوبة
UI_TEAM_SHIFT_COUNTS_NO_MORE = لم تعد هذه المناوبة تُحسب: غيّر التي تُحسب مكانها.
UI_TEAM_SHIFT_NOT_YOURS = يحق لك النظر في هذه المناوبة، لا تغييرها.
UI_TEAM_SHIFT_REASON_HINT = يلزم بعد بدء المناوبة.
UI_TEAM_STORE = المتجر
UI_TEAM_SURE_KNOWN = مؤكد
UI_TEAM_SURE_NOBODY = غير مسند إلى أحد
UI_TEAM_SURE_SHARED = مقسوم بالتساوي، لا شيء يميّز بينهم
UI_TEAM_SURE_WEIGHED = موزون بالأدلة
UI_TEAM_TARGET = الهدف
UI_TEAM_TIMES_IN = الأوقات بتوقيت { $zone } ({ $offset }).
UI_TEAM_TIMES_OF_ACCOUNTS = الأوقات بالمنطقة الزمنية لكل حساب.
UI_TEAM_TO = إلى
UI_TEAM_TODAY = اليوم
UI_TEAM_TO_THE_CARD = إلى البطاقة
UI_TEAM_TO_THE_FINDINGS = ملاحظات هذا الشهر
UI_TEAM_TO_THE_TABLE = إلى جدول السجلات
UI_TEAM_TO_THE_TIMELINE = الخط الزمني
UI_TEAM_VALUE = القيمة
UI_TEAM_VIEW = كم يُعرض
UI_TEAM_VIEW_DAY = يوم
UI_TEAM_VIEW_MONTH = شهر
UI_TEAM_VIEW_WEEK = أسبوع
UI_TEAM_WEIGHT = الوزن
UI_TEAM_WHAT = ماذا
UI_TEAM_WHAT_CORRECTIONS_CHANGED = ما غيّرته التصحيحات
UI_TEAM_WHAT_IS_ODD = ما الغريب
UI_TEAM_WHAT_IS_RIGHT = ما الصحيح
UI_TEAM_WHAT_IT_WAS = ما كان
UI_TEAM_WHAT_SHOWS_IT = ما يثبته
UI_TEAM_WHAT_TO_DO = ما العمل
UI_TEAM_WHAT_WAS_PUT_RIGHT = ما صُحّح
UI_TEAM_WHAT_WAS_SEEN = ما لوحظ
UI_TEAM_WHEN = متى
UI_TEAM_WHEN_IT_WAS = متى كان
UI_TEAM_WHERE_THE_RECORDS_ARE = أين السجلات
UI_TEAM_WHOSE = لمن هو
UI_TEAM_WHY = السبب
UI_TEAM_ZONE_OF_DAYS = المنطقة الزمنية لأيامه
WORD_DUTY_RULE_HANDOVER = في العهدة بانتقال العهدة
WORD_DUTY_RULE_ROSTER = له مناوبة، ولا تسجيل دوام ينفيها
WORD_DUTY_RULE_PUNCH = من الفريق، وسجّل حضوره
WORD_DUTY_RULE_TEAM = لا أدلة: الفريق كله
WORD_VERSION_END_REVISED = عدّله المرسل
WORD_VERSION_END_MOVED = نُقل إلى حساب آخر
WORD_VERSION_END_WITHDRAWN = سُحب
WORD_NOBODY_ON_DUTY = لم يكن أحد على رأس العمل
DONE_FIX_ASKED = تم الطلب. يوافق عليه الآن شخص آخر
DONE_FIX_MADE = تم التصحيح
DONE_CORRECTION_ASKED = تم الطلب. يوافق عليه الآن شخص آخر
DONE_SHIFTS_PUBLISHED = نُشرت المناوبات
DONE_SHIFT_CHANGED = غُيّرت المناوبة
DONE_SHIFT_CANCELLED = أُلغيت المناوبة

## Console: words that other rooms have too

WORD_RECORD_AGGREGATION_MEAN = متوسطها
WORD_RECORD_AGGREGATION_SUM = مجموعها
WORD_RECORD_AGGREGATION_COUNT = عددها
WORD_RECORD_AGGREGATION_SHARE = نسبة ما يجتاز الاختبار
WORD_RECORD_AGGREGATION_DISTINCT = عدد العملاء
WORD_OBSERVATION_AGGREGATION_SUM = مجموعها
WORD_OBSERVATION_AGGREGATION_MEAN = متوسطها
WORD_OBSERVATION_AGGREGATION_LAST = آخرها
WORD_OBSERVATION_OF_PERSON = الموظف
WORD_OBSERVATION_OF_UNIT = وحدة الموظف
WORD_OBSERVATION_OF_ACCOUNT = حساب
WORD_OBSERVATION_OF_STORE = متجر
WORD_OBSERVATION_OF_CAMPAIGN = حملة
WORD_COMPARISON_AT_MOST = لا تزيد على
WORD_COMPARISON_AT_LEAST = لا تقل عن
WORD_COMPARISON_BELOW = أقل من
WORD_COMPARISON_ABOVE = أكبر من
WORD_COMPARISON_EQUAL = تساوي
DONE_SCHEME_SAVED = حُفظ الإصدار.
DONE_SCHEME_WITHDRAWN = بطل استعماله.
DONE_MEASURE_SAVED = حُفظ المقياس.
DONE_MEASURE_RETIRED = أُوقف استعمال المقياس.
DONE_CYCLE_MADE = أُنشئت الدورة.
DONE_CYCLE_CLOSING = بدأ الإغلاق.
DONE_CYCLE_CANCELLED = أُوقف.
DONE_CYCLE_CORRECTING = يجري حساب التصحيح.
DONE_CYCLE_PUBLISHED = نُشرت النتيجة.
DONE_RUN_STARTED = بدأت العملية.
DONE_RUN_CANCELLED = أُوقفت العملية.
DONE_OBSERVATION_WITHDRAWN = سُحب الرصد.
WORD_FINDING_MISSING_PUNCH = تسجيل دوام ناقص
WORD_FINDING_DOUBLE_IN = تسجيل حضور مرتين
WORD_FINDING_TAG_OFF_DUTY = سمّته المنصة ولم يكن على رأس العمل
WORD_FINDING_UNCOVERED_SHIFT = مناوبة لم يعمل فيها أحد
WORD_FINDING_NAMED_WITHOUT_AGENT = حساب مسمّى بلا موظف معروف
WORD_FINDING_MISSING_RELEASE = حساب لم يُسلَّم قط
WORD_FINDING_CLAIM_OFF_DUTY = مطالبة ممن لم يكن على رأس العمل
WORD_FINDING_OVERLAP = حساب واحد في عهدة شخصين معًا
WORD_FINDING_SEVERAL_AT_ONCE = على عدة حسابات معًا
WORD_FINDING_TOO_FEW_REPLIES = الردود أقل من أن تميّز
WORD_FINDING_DEVICE_OFF_DUTY = جهاز من لم يكن على رأس العمل
WORD_FINDING_MIXED_WITHOUT_TAG = حساب مختلط بلا أسماء
WORD_FINDING_NO_DUTY_EVIDENCE = لا أدلة على من كان على رأس العمل
WORD_FINDING_CLAIMS_DIFFER = مطالبات متناقضة
WORD_FINDING_CLAIM_WITHOUT_RECORD = مطالبة بلا سجل
WORD_FINDING_BREAKS_NOT_PUNCHED = فترات راحة لم يسجّلها أحد
WORD_FINDING_DEVICE_OF_NOBODY = جهاز ليس لأحد
WORD_FINDING_EVIDENCE_UNEVEN = أدلة متفاوتة
WORD_FINDING_EVIDENCE_NOT_READ = أدلة لم تُقرأ
DONE_CAME = سُجّل حضورك.
DONE_LEFT = سُجّل انصرافك.
DONE_PUNCHED = سُجّل الدوام.
DONE_TOOK = الحساب في عهدتك من الآن.
DONE_RELEASED = سُلّم الحساب.
DONE_ASKED = تم الطلب: يوافق عليه شخص آخر.
DONE_WITHDRAWN = سُحب.

## Console: pay

NAV_POOLS = صناديق المكافآت
NAV_SETTLEMENTS = التسويات
NAV_STATEMENTS = كشوف المستحقات
NAV_PAY_CORRECTIONS = تصحيحات الأجور
NAV_RATES = أسعار الصرف
WORD_SETTLEMENT_STATE_DRAFT = مسودة
WORD_SETTLEMENT_STATE_APPROVED = معتمدة
WORD_SETTLEMENT_STATE_POSTED = مرحَّلة
WORD_SETTLEMENT_STATE_DISCARDED = تُخلّص منها
WORD_PAY_CORRECTION_STATE_DRAFT = مسودة
WORD_PAY_CORRECTION_STATE_APPROVED = معتمد
WORD_PAY_CORRECTION_STATE_WITHDRAWN = مسحوب
DONE_POOL_MADE = أُنشئ الصندوق.
DONE_SETTLEMENT_DRAFTED = أُعدّت مسودة التسوية. يعتمدها شخص آخر.
DONE_PAY_APPROVED = اعتُمدت التسوية. يمكن ترحيلها الآن.
DONE_PAY_POSTED = رُحّلت التسوية. ولن تتغير أبدًا.
DONE_PAY_DISCARDED = تُخلّص من التسوية.
DONE_NOTHING_MOVED_ON = لم يُنفَّذ شيء: كانت قد تقدمت بالفعل. وهذه حالها الآن.
DONE_PAY_CORRECTION_DRAFTED = أُعدّت مسودة التصحيح. يعتمدها شخص آخر.
DONE_PAY_CORRECTION_APPROVED = اعتُمد التصحيح. وتدفع التسويات التالية الفروق.
DONE_PAY_CORRECTION_WITHDRAWN = سُحب التصحيح.
DONE_RATE_SET = كُتب سعر الصرف.
DONE_RATE_KNOWN = لم يُكتب شيء: كان هذا السعر معروفًا بالفعل.
UI_PAY_ACCOUNT = الحساب
UI_PAY_ACCOUNT_HIDDEN = حساب لا يحق لك الاطلاع عليه
UI_PAY_ADJUSTMENTS = تصحيحات أشهر سابقة
UI_PAY_ADJUSTMENTS_ALONE = ليس في هذا الكشف جزء من الصندوق: يدفع تصحيحات أشهر سابقة وحدها.
UI_PAY_ALSO_SUPERSEDED = عرض ما لم يعد يُحسب أيضًا
UI_PAY_AMOUNTS_HIDDEN = يحق لك أن ترى وجود كشوف، لا ما يُدفع لأحد: لم تُرسل المبالغ إلى هذه الصفحة.
UI_PAY_AMOUNT_HINT = أرقام مع نقطة واحدة على الأكثر، مثل 120000.50.
UI_PAY_ANOTHER_ACCOUNT = حساب آخر (…{ $tail })
UI_PAY_APPROVAL_ELSEWHERE = ينتظر اعتماد من يحق له الاعتماد. ولا يحق لك.
UI_PAY_APPROVE = اعتماد
UI_PAY_APPROVE_PAY_CORRECTION_SAID = منذ ذلك تدفع التسويات التالية الفروق أو تحجزها.
UI_PAY_APPROVE_SAID = لم تُعدّها أنت، فيحق لك اعتمادها. انظر في السطور والمجموع أولًا.
UI_PAY_BEFORE = قبل
UI_PAY_BEFORE_ROUNDING = قبل التقريب
UI_PAY_BESIDE_THE_POOL = إلى جانب الصندوق
UI_PAY_CARRY = ترحيل الكسور المتبقية إلى الشهر التالي
UI_PAY_CARRY_HINT = الكسور التي لا تُقسَّم بالتساوي تُرحَّل من شهر إلى شهر حتى تتعادل.
UI_PAY_CORRECTION = تصحيح الأجر
UI_PAY_CORRECTION_REASON_HINT = يظهر في كل كشف مستحقات يتغير.
UI_PAY_CORRECTION_SAID = ما رُحّل يبقى. يُقسَّم الصندوق مرة أخرى حسب بطاقات التقييم كما هي الآن، وتدفع التسوية التالية فرق كل موظف.
UI_PAY_COUNTS = يُحسب
UI_PAY_CURRENCY = العملة
UI_PAY_CURRENCY_HINT = ثلاثة أحرف، مثل CNY.
UI_PAY_CYCLE = الدورة
UI_PAY_CYCLE_HIDDEN = دورة لا يحق لك الاطلاع عليها
UI_PAY_DELTAS = من يتغير مبلغه
UI_PAY_DIFFERENCE = الفرق
UI_PAY_DISCARD = تخلّص
UI_PAY_DISCARD_SAID = يُتخلص من التسوية. ويمكن تقسيم الصندوق من جديد بعد ذلك.
UI_PAY_DRAFT_PAY_CORRECTION = إعداد مسودة هذا التصحيح
UI_PAY_DRAFT_SETTLEMENT = إعداد مسودة تسوية
UI_PAY_EQUAL_SPLIT = بالتساوي
UI_PAY_EQUAL_SPLIT_SAID = ما كان سيناله كل واحد لولا الدرجات
UI_PAY_FLOOR = الدرجة التي تُحسب النقاط فوقها
UI_PAY_FLOOR_HINT = عندها أو دونها لا ينال أحد شيئًا؛ والفارغ يعني 0.
UI_PAY_FUND_NAME = اسم الصندوق الجماعي
UI_PAY_HIDDEN = محجوب
UI_PAY_HOW_KNOWN = كيف عُرف
UI_PAY_HOW_MADE = كيف تكوّن المبلغ
UI_PAY_HOW_SPLIT = كيف يُقسَّم
UI_PAY_IN = بعملة
UI_PAY_LEFT_TO_PAY = باقٍ للدفع
UI_PAY_LESS = مجموع النقص
UI_PAY_LINES_TOGETHER = كل السطور معًا
UI_PAY_LOWEST_SCORE = أدنى درجة
UI_PAY_MAKE_POOL = إنشاء الصندوق
UI_PAY_MORE = مجموع الزيادة
UI_PAY_NAME_HIDDEN = الاسم محجوب
UI_PAY_NEW_PAY_CORRECTION = تصحيح أجر
UI_PAY_NEW_POOL = صندوق جديد
UI_PAY_NEW_RATE = سعر صرف جديد
UI_PAY_NEW_SETTLEMENT = تسوية جديدة
UI_PAY_NOW = الآن
UI_PAY_NO_CARRY = تُوزَّع الكسور المتبقية داخل الشهر.
UI_PAY_NO_DELTAS = لا يتغير مبلغ أحد.
UI_PAY_NO_PAY_CORRECTIONS = لم يُصحَّح أجر بعد. تُصحَّح التسوية المرحَّلة بتصحيح لها.
UI_PAY_NO_PERCENT = ليس نسبة مئوية من 0 إلى 100 بأربعة أرقام على الأكثر بعد النقطة
UI_PAY_NO_POOLS = لا صناديق بعد. أنشئ صندوقًا لدورة: مبلغًا وكيف يُقسَّم.
UI_PAY_NO_POOL_READY = لا يمكن تقسيم أي صندوق الآن: كل صندوق دُفع أو في طريقه إلى ذلك، أو لم تُنشر دورته. أنشئ صندوقًا، أو انشر الدورة أولًا.
UI_PAY_NO_POSTED_SETTLEMENT = لم يُرحَّل شيء بعد، فلا شيء يُصحَّح. يُتخلص من المسودة وتُعدّ من جديد.
UI_PAY_NO_RATES = لا سعر صرف معروفًا بعد. لا يلزم إلا حيث تُحسب أموال بعملة أخرى.
UI_PAY_NO_RECORDS_BEHIND = لا سجل وراء هذا الكشف.
UI_PAY_NO_SETTLEMENTS = لا تسويات بعد. أعدّ مسودة تسوية من دورة منشورة وصندوق.
UI_PAY_NO_SETTLEMENT_OF_POOL = لم يُسوَّ الصندوق بعد: أعدّ مسودة تسوية له.
UI_PAY_NO_STATEMENTS = لا كشف مستحقات هنا يحق لك الاطلاع عليه.
UI_PAY_NOT_PUBLISHED = لم تُنشر بعد
UI_PAY_NUMBER = الرقم
UI_PAY_NUMBERED = { $at }. { $label }
UI_PAY_OF_THE_POOL = من الصندوق
UI_PAY_ONE_OF = الوحدة الواحدة من
UI_PAY_ONLY_COUNTING = عرض ما يُحسب فقط
UI_PAY_PAID = المدفوع للموظفين
UI_PAY_PART_FUND_SAID = يُحفظ هذا الجزء للفريق ولا يُدفع لأحد. اترك الحصة فارغة للاستغناء عنه.
UI_PAY_PART_PROPORTIONAL_SAID = ينال كل واحد حسب النقاط فوق الحد الأدنى. اترك الحصة فارغة للاستغناء عنه.
UI_PAY_PART_TIERS_SAID = أفضل شريحة أولًا. تأخذ كل شريحة نسبة مئوية من الموظفين، أو كل من بلغ درجة معينة؛ ولمن فيها وزنها. اترك الحصة فارغة للاستغناء عنه.
UI_PAY_PERCENT_OF_POOL = النسبة المئوية من الصندوق
UI_PAY_POOL = الصندوق
UI_PAY_POOLS_WAIT =
    { $count ->
        [zero] لا صناديق خارج الخيارات.
        [one] صندوق واحد ليس ضمن الخيارات: درجات دورته لم تُنشر بعد.
        [two] صندوقان ليسا ضمن الخيارات: درجات دورتيهما لم تُنشر بعد.
        [few] { $count } صناديق ليست ضمن الخيارات: درجات دوراتها لم تُنشر بعد.
        [many] { $count } صندوقًا ليست ضمن الخيارات: درجات دوراتها لم تُنشر بعد.
       *[other] { $count } صندوق ليست ضمن الخيارات: درجات دوراتها لم تُنشر بعد.
    }
UI_PAY_POOL_NAME_HINT = مثل: مكافأة مارس.
UI_PAY_POOL_TO_SPLIT_HINT = الصناديق التي نُشرت دوراتها ولم تُدفع بعد فقط.
UI_PAY_POOL_UNIT_HINT = لمن يدفع: وحدة الدورة أو وحدة تحتها. والفارغ يعني الدورة كلها.
UI_PAY_POOL_WAITS = يمكن تسوية الصندوق متى نُشرت درجات دورته.
UI_PAY_POST = ترحيل
UI_PAY_POSTING_ELSEWHERE = ينتظر من يحق له الترحيل. ولا يحق لك.
UI_PAY_POST_SAID = منذ ذلك لا تتغير أبدًا، ويُعد الصندوق مدفوعًا.
UI_PAY_PREPARED_AT = وقت الإعداد
UI_PAY_PUBLISHED = منشورة
UI_PAY_QUOTA = نسبة مئوية من الموظفين
UI_PAY_RATE = سعر الصرف
UI_PAY_RATES_SAID = يسري السعر حتى التالي للعملتين نفسيهما. ويبقى ما قيل من قبل مقروءًا.
UI_PAY_RATE_HINT = مثل 7.1234.
UI_PAY_RECORD = السجل
UI_PAY_RECORDS_BEHIND = السجلات التي وراءه
UI_PAY_RECORDS_TRACED = السجلات: { $count } من { $all }
UI_PAY_ROW_REFUSED = { $said }
UI_PAY_RULE_FUND_SAID = يُحفظ للفريق ولا يُدفع لأحد.
UI_PAY_RULE_PROPORTIONAL = بالتناسب مع الدرجة
UI_PAY_RULE_PROPORTIONAL_SAID = ينال كل واحد حسب النقاط فوق { $floor }.
UI_PAY_RULE_TIERS = بالشرائح
UI_PAY_RULE_TIERS_SAID = لمن في شريحة وزنها؛ ويُقسَّم الجزء حسب الأوزان.
UI_PAY_SAY_SURE = أكّد أنك متأكد
UI_PAY_SCORE = الدرجة
UI_PAY_SETTLEMENT = التسوية
UI_PAY_SETTLEMENT_LINES = ما يناله كل موظف
UI_PAY_SETTLEMENT_LINES_SAID = يؤدي كل صف إلى كشف المستحقات: خطواته وبطاقة التقييم والسجلات التي وراءه. والدرجات من
UI_PAY_SET_RATE = كتابة السعر
UI_PAY_SHARES_SUM = مجموع حصص كل الأجزاء { $sum } %، لا 100 %
UI_PAY_SHOW_DIFFERENCE = عرض ما سيتغير
UI_PAY_SHOW_MORE = عرض المزيد
UI_PAY_SOURCE = المصدر
UI_PAY_SOURCE_HINT = مثل السعر اليومي للبنك المركزي.
UI_PAY_STATEMENT = كشف المستحقات
UI_PAY_STEP_APPROVED = اعتُمدت
UI_PAY_STEP_DISCARDED = تُخلّص منها
UI_PAY_STEP_DRAFTED = أُعدّت المسودة
UI_PAY_STEP_POSTED = رُحّلت
UI_PAY_STEP_PREPARED = أُعدّت
UI_PAY_STEP_WAITS_APPROVAL = بانتظار اعتماد شخص آخر
UI_PAY_STEP_WAITS_POSTING = بانتظار الترحيل
UI_PAY_STEP_WITHDRAWN = سُحب
UI_PAY_SUM = المجموع
UI_PAY_SUM_FAILS = لا يساوي الصندوق
UI_PAY_SUM_HOLDS = يساوي الصندوق بالضبط
UI_PAY_SUPERSEDED = لم يعد يُحسب
UI_PAY_TEAM_FUND = صندوق الفريق
UI_PAY_TIER = الشريحة
UI_PAY_TIER_FROM = من الدرجة { $score }
UI_PAY_TIER_QUOTA = { $quota } من الموظفين
UI_PAY_TO_CARD = إلى بطاقة التقييم
UI_PAY_TO_RECORDS = إلى السجلات
UI_PAY_TO_SETTLEMENT = التسوية التي تُصحَّح
UI_PAY_UNIT_HIDDEN = وحدة لا يحق لك الاطلاع عليها
UI_PAY_UNKNOWN_STEP = ليست هذه خطوة في هذه الصفحة: أعد تحميلها
UI_PAY_WEIGHT = الوزن
UI_PAY_WEIGHT_OF = { $weight } من { $sum }
UI_PAY_WHAT_WOULD_CHANGE = ما سيتغير
UI_PAY_WHO = الموظف
UI_PAY_WHOLE_GROUP = المجموعة كلها
UI_PAY_WHY = سبب الفرق
UI_PAY_WITHDRAW = سحب
UI_PAY_WITHDRAW_SAID = يُتخلص من المسودة؛ ولا يتغير أجر أحد.
UI_PAY_WOULD_CHANGE =
    { $people ->
        [zero] لا يتغير مبلغ أحد: { $more } زيادة و{ $less } نقصًا. لم يُكتب شيء بعد.
        [one] شخص واحد يتغير مبلغه: { $more } زيادة و{ $less } نقصًا. لم يُكتب شيء بعد.
        [two] شخصان يتغير مبلغهما: { $more } زيادة و{ $less } نقصًا. لم يُكتب شيء بعد.
        [few] { $people } أشخاص تتغير مبالغهم: { $more } زيادة و{ $less } نقصًا. لم يُكتب شيء بعد.
        [many] { $people } شخصًا تتغير مبالغهم: { $more } زيادة و{ $less } نقصًا. لم يُكتب شيء بعد.
       *[other] { $people } شخص تتغير مبالغهم: { $more } زيادة و{ $less } نقصًا. لم يُكتب شيء بعد.
    }
UI_PAY_WRITTEN_AT = وقت الكتابة
UI_PAY_YOU = أنت
UI_PAY_YOU_HAD_A_HAND = أعددتها أو اعتمدتها، فيرحّلها شخص آخر (مبدأ العيون الأربع).
UI_PAY_YOU_PREPARED = أعددتها أنت، فيعتمدها شخص آخر (مبدأ العيون الأربع).

## Console: audit

NAV_AUDIT_LOG = السجل
NAV_AUDIT_EXPORTS = الإيضاحات
UI_AUDIT_BY_PERSON = عن موظف
UI_AUDIT_BY_ACCOUNT = بهوية
UI_AUDIT_BY_THING = عن شيء
UI_AUDIT_PERSON = الرقم الوظيفي أو معرّف الموظف
UI_AUDIT_THING = عن ماذا
UI_AUDIT_ID = معرّفه
UI_AUDIT_FROM = من (يوم)
UI_AUDIT_TO = إلى (يوم، مشمول)
UI_AUDIT_FOUND = ما في السجلات
UI_AUDIT_ASK = اسأل عن موظف أو هوية أو شيء: ترد الخدمات الخمس كلها في قائمة واحدة، الأحدث أولًا.
UI_AUDIT_NOTHING = لا شيء عن هذا في السجلات في هذه الأيام ضمن ما يحق لك قراءته.
UI_AUDIT_NO_DAY = «{ $text }» ليس يومًا: اكتب يومًا مثل 2026-03-31
UI_AUDIT_NOBODY = لا أحد ممن يحق لك القراءة عنهم رقمه الوظيفي «{ $text }»
UI_AUDIT_NO_ACCOUNT = لا توجد هوية «{ $text }» بين التي يحق لك قراءة أسمائها: اكتب معرّفها
UI_AUDIT_SILENT = لم ترد هذه الخدمات، فمدخلاتها ناقصة هنا. أعد المحاولة.
UI_AUDIT_NEWEST = إلى الأحدث
UI_AUDIT_OLDER = مدخلات أقدم
UI_AUDIT_WHEN = متى
UI_AUDIT_WHO = من
UI_AUDIT_WHAT = ما فُعل
UI_AUDIT_LOG_OF = سجل
UI_AUDIT_NOTES = ملحوظات
UI_AUDIT_ACTION = الإجراء
UI_AUDIT_METHOD = الاستدعاء (rpc)
UI_AUDIT_POSITION = الموضع في السلسلة
UI_AUDIT_SERVICE = خدمة { $name }
UI_AUDIT_NOBODY_SIGNED_IN = بلا تسجيل دخول
UI_AUDIT_EXPORTS_SAID = من الكل إلى السجل الواحد: بطاقات الدورة، وكل تسوية بسطورها، وكل كشف مستحقات بالسجلات التي وراءه. ويمكن تنزيل كل قائمة كما تُعرض.
UI_AUDIT_NO_MONTHS = لم تُنشر دورة بعد.
UI_AUDIT_A_CORRECTION = تصحيح
UI_AUDIT_CARDS = الدورة وبطاقات التقييم
UI_AUDIT_LOG_OF_IT = سجلها
WORD_SERVICE_IDENTITY = الهوية
WORD_SERVICE_ATTENDANCE = الدوام
WORD_SERVICE_PERFORMANCE = الأداء
WORD_SERVICE_COMPENSATION = الأجور
WORD_SERVICE_TALENT = المواهب
WORD_THING_ACCOUNT = حساب
WORD_THING_ALIAS = لقب
WORD_THING_API_KEY = مفتاح API
WORD_THING_ATTRIBUTION_RUN = عملية إسناد
WORD_THING_BREAK_GLASS = وصول طارئ
WORD_THING_CARD = بطاقة تقييم
WORD_THING_CATALOGUE = فهرس
WORD_THING_CLAIM = مطالبة
WORD_THING_CORRECTION = تصحيح
WORD_THING_CYCLE = دورة تقييم
WORD_THING_DATA_KEY = مفتاح بيانات
WORD_THING_DELEGATION = تفويض
WORD_THING_DEVICE = جهاز
WORD_THING_ERASURE = محو بيانات
WORD_THING_EVENT = حدث
WORD_THING_FINDING = ملاحظة
WORD_THING_GRANT = دور ممنوح
WORD_THING_HANDOVER = انتقال عهدة
WORD_THING_HOLD = حظر حذف
WORD_THING_MEASURE = مقياس
WORD_THING_OBSERVATION = رصد
WORD_THING_ORG_UNIT = وحدة تنظيمية
WORD_THING_PAY_CORRECTION = تصحيح أجر
WORD_THING_PERSON = موظف
WORD_THING_POOL = صندوق مكافآت
WORD_THING_PRINCIPAL = هوية
WORD_THING_PUNCH = تسجيل دوام
WORD_THING_RATE = سعر صرف
WORD_THING_RECORD = سجل خدمة
WORD_THING_REGION = منطقة
WORD_THING_REPLIES = ردود
WORD_THING_RETENTION = مدة الاحتفاظ
WORD_THING_ROLE = دور
WORD_THING_ROSTER = جدول مناوبات
WORD_THING_ROW = صفوف قائمة
WORD_THING_SCHEDULE = جدولة
WORD_THING_SCHEDULE_RUN = تشغيل مجدول
WORD_THING_SCHEME = خطة تقييم
WORD_THING_SESSION = جلسة
WORD_THING_SETTLEMENT = تسوية
WORD_THING_SITE = موقع
WORD_THING_SSO_PROVIDER = موفّر دخول موحّد
WORD_THING_STATEMENT = كشف مستحقات
WORD_THING_SUBJECT = سجل عن شيء
WORD_THING_TABLE = جدول
WORD_THING_TENANT = مجموعة
WORD_THING_TRANSFER = نقل بين المناطق
WORD_DID_ATTENDANCE_ACCOUNT_READ = قُرئت الحسابات
WORD_DID_ATTENDANCE_ACCOUNT_WRITE = كُتبت الحسابات
WORD_DID_ATTENDANCE_ALIAS_READ = قُرئت الألقاب
WORD_DID_ATTENDANCE_ALIAS_WRITE = كُتبت الألقاب
WORD_DID_ATTENDANCE_CORRECTION_APPROVE = وُوفق على تصحيح
WORD_DID_ATTENDANCE_CORRECTION_MAKE = صُحّح شيء
WORD_DID_ATTENDANCE_CORRECTION_READ = قُرئت التصحيحات
WORD_DID_ATTENDANCE_CORRECTION_REJECT = رُفض تصحيح
WORD_DID_ATTENDANCE_CORRECTION_REQUEST = طُلب تصحيح
WORD_DID_ATTENDANCE_CORRECTION_WITHDRAW = سُحب تصحيح
WORD_DID_ATTENDANCE_DEVICE_READ = قُرئت الأجهزة
WORD_DID_ATTENDANCE_DEVICE_WRITE = كُتبت الأجهزة
WORD_DID_ATTENDANCE_HANDOVER_IMPORT = استُوردت انتقالات العهدة
WORD_DID_ATTENDANCE_HANDOVER_READ = قُرئت انتقالات العهدة
WORD_DID_ATTENDANCE_HANDOVER_RECORD = سُجّل انتقال عهدة حساب
WORD_DID_ATTENDANCE_OCCUPANCY_READ = قُرئ في عهدة من كانت الحسابات
WORD_DID_ATTENDANCE_PUNCH_IMPORT = استُوردت تسجيلات الدوام
WORD_DID_ATTENDANCE_PUNCH_READ = قُرئت تسجيلات الدوام
WORD_DID_ATTENDANCE_PUNCH_RECORD = سُجّل الدوام
WORD_DID_ATTENDANCE_ROSTER_READ = قُرئت جداول المناوبات
WORD_DID_ATTENDANCE_ROSTER_WRITE = كُتب جدول مناوبات
WORD_DID_ATTENDANCE_SITE_WRITE = كُتبت المواقع
WORD_DID_COMPENSATION_CORRECTION_APPROVE = اعتُمد تصحيح أجر
WORD_DID_COMPENSATION_CORRECTION_DRAFT = أُعدّت مسودة تصحيح أجر
WORD_DID_COMPENSATION_CORRECTION_WITHDRAW = سُحب تصحيح أجر
WORD_DID_COMPENSATION_POOL_CREATE = أُنشئ صندوق
WORD_DID_COMPENSATION_POOL_READ = قُرئت الصناديق
WORD_DID_COMPENSATION_SETTLEMENT_APPROVE = اعتُمدت تسوية
WORD_DID_COMPENSATION_SETTLEMENT_DISCARD = تُخلّص من تسوية
WORD_DID_COMPENSATION_SETTLEMENT_DRAFT = أُعدّت مسودة تسوية
WORD_DID_COMPENSATION_SETTLEMENT_POST = رُحّلت تسوية
WORD_DID_COMPENSATION_SETTLEMENT_READ = قُرئت التسويات
WORD_DID_COMPENSATION_STATEMENT_READ = قُرئت كشوف المستحقات
WORD_DID_COMPENSATION_STATEMENT_READ_PAY = قُرئت الأجور
WORD_DID_IDENTITY_API_KEY_CREATE = أُنشئ مفتاح API
WORD_DID_IDENTITY_API_KEY_EXCHANGE = سُجّل الدخول بمفتاح API
WORD_DID_IDENTITY_API_KEY_REVOKE = أُلغي مفتاح API
WORD_DID_IDENTITY_BREAK_GLASS_END = أُنهي وصول طارئ
WORD_DID_IDENTITY_BREAK_GLASS_OPEN = فُتح وصول طارئ
WORD_DID_IDENTITY_BREAK_GLASS_REFUSE = رُفض وصول طارئ
WORD_DID_IDENTITY_BREAK_GLASS_REVIEW = رُوجع وصول طارئ
WORD_DID_IDENTITY_CATALOGUE_IMPORT = استُورد فهرس
WORD_DID_IDENTITY_DELEGATION_END = أُنهي تفويض
WORD_DID_IDENTITY_DELEGATION_WRITE = فُوّضت صلاحيات
WORD_DID_IDENTITY_EMPLOYMENT_END = أُنهي توظيف
WORD_DID_IDENTITY_ENTITLEMENT_WRITE = غُيّرت الوحدات البرمجية للمجموعة
WORD_DID_IDENTITY_ERASURE_APPROVE = وُوفق على محو بيانات
WORD_DID_IDENTITY_ERASURE_REJECT = رُفض محو بيانات
WORD_DID_IDENTITY_ERASURE_REQUEST = طُلب محو بيانات
WORD_DID_IDENTITY_ERASURE_WITHDRAW = سُحب طلب محو بيانات
WORD_DID_IDENTITY_GRANT_READ = قُرئ من يحق له ماذا
WORD_DID_IDENTITY_GRANT_REVOKE = سُحب دور
WORD_DID_IDENTITY_GRANT_WRITE = مُنح دور
WORD_DID_IDENTITY_HOLD_LIFT = رُفع حظر حذف
WORD_DID_IDENTITY_HOLD_SET = وُضع حظر حذف
WORD_DID_IDENTITY_LOGIN_CREATE = أُنشئ حساب دخول
WORD_DID_IDENTITY_ORG_CLOSE = أُغلقت وحدة
WORD_DID_IDENTITY_ORG_IMPORT = استُوردت وحدات
WORD_DID_IDENTITY_ORG_MERGE = دُمجت وحدات
WORD_DID_IDENTITY_PASSWORD_CHANGE = غيّر كلمة مروره
WORD_DID_IDENTITY_PASSWORD_RESET = أُعيد تعيين كلمة مرور
WORD_DID_IDENTITY_PERSON_EXPORT = استُخرج ما يُحتفظ به عن موظف
WORD_DID_IDENTITY_PERSON_IMPORT = استُورد موظفون
WORD_DID_IDENTITY_PERSON_READ = قُرئت بيانات الموظفين
WORD_DID_IDENTITY_PERSON_READ_PII = قُرئت هويات الموظفين
WORD_DID_IDENTITY_PERSON_RECTIFY = صُحّحت هوية موظف
WORD_DID_IDENTITY_RATE_SET = كُتبت أسعار صرف
WORD_DID_IDENTITY_REPORTING_SET = حُدّد من يتبع من
WORD_DID_IDENTITY_REPORTING_END = أُنهي خط إشراف
WORD_DID_IDENTITY_RETENTION_SET = حُدّدت مدة الاحتفاظ بالبيانات
WORD_DID_IDENTITY_ROLE_DEFINE = عُرّف دور
WORD_DID_IDENTITY_ROLE_RETIRE = أُوقف استعمال دور
WORD_DID_IDENTITY_SECOND_FACTOR_BEGIN = بُدئ عامل ثانٍ
WORD_DID_IDENTITY_SECOND_FACTOR_CONFIRM = أُكّد عامل ثانٍ
WORD_DID_IDENTITY_SECOND_FACTOR_REMOVE = أُزيل عامل ثانٍ
WORD_DID_IDENTITY_SERVICE_ACCOUNT_CREATE = أُنشئ حساب خدمة
WORD_DID_IDENTITY_SESSION_END = أُنهيت جلسة
WORD_DID_IDENTITY_SESSION_END_ALL = أُنهيت كل الجلسات
WORD_DID_IDENTITY_SESSION_REFRESH = جُدّدت جلسة
WORD_DID_IDENTITY_SESSION_SIGN_IN = سُجّل الدخول
WORD_DID_IDENTITY_SSO_PUT = اعتُمد موفّر دخول موحّد
WORD_DID_IDENTITY_SSO_REMOVE = أُزيل موفّر دخول موحّد
WORD_DID_IDENTITY_TENANT_INIT = أُنشئت المجموعة
WORD_DID_PERFORMANCE_CARD_READ = قُرئت بطاقات التقييم
WORD_DID_PERFORMANCE_CLAIM_MAKE = طولب بمحادثات
WORD_DID_PERFORMANCE_CLAIM_WITHDRAW = سُحبت مطالبة
WORD_DID_PERFORMANCE_CREDIT_READ = قُرئت الحصص
WORD_DID_PERFORMANCE_CREDIT_EXPORT = استُخرجت الحصص
WORD_DID_PERFORMANCE_CYCLE_CANCEL = أُوقف إغلاق دورة
WORD_DID_PERFORMANCE_CYCLE_CLOSE = بُدئ إغلاق دورة
WORD_DID_PERFORMANCE_CYCLE_FAIL = تعذّر إغلاق دورة
WORD_DID_PERFORMANCE_CYCLE_PROGRESS = استُكمل إغلاق دورة
WORD_DID_PERFORMANCE_CYCLE_PUBLISH = نُشرت دورة
WORD_DID_PERFORMANCE_CYCLE_READ = قُرئت الدورات
WORD_DID_PERFORMANCE_CYCLE_SCORE = قُيّمت دورة
WORD_DID_PERFORMANCE_CYCLE_WRITE = كُتبت دورة
WORD_DID_PERFORMANCE_FINDING_APPLY_FIX = طُبّق تصحيح ملاحظة
WORD_DID_PERFORMANCE_OBSERVATION_IMPORT = استُوردت أرصاد
WORD_DID_PERFORMANCE_OBSERVATION_READ = قُرئت الأرصاد
WORD_DID_PERFORMANCE_OBSERVATION_WITHDRAW = سُحب رصد
WORD_DID_PERFORMANCE_RECORD_IMPORT = استُوردت سجلات
WORD_DID_PERFORMANCE_RECORD_MOVE = نُقل سجل
WORD_DID_PERFORMANCE_RECORD_READ = قُرئت السجلات
WORD_DID_PERFORMANCE_RECORD_WITHDRAW = سُحب سجل
WORD_DID_PERFORMANCE_REPLY_IMPORT = استُوردت ردود
WORD_DID_PERFORMANCE_RUN_ATTRIBUTE = أُسندت سجلات
WORD_DID_PERFORMANCE_RUN_COLLECT = جُمع ما تحتاج إليه عملية الإسناد
WORD_DID_PERFORMANCE_RUN_PROGRESS = استُكملت عملية الإسناد
WORD_DID_PERFORMANCE_CLAIM_IMPORT = استُوردت المطالبات
WORD_DID_PERFORMANCE_RUN_START = بدأت عملية إسناد
WORD_DID_PERFORMANCE_SCHEME_EXPORT = استُخرجت خطة تقييم
WORD_DID_PERFORMANCE_SCHEME_IMPORT = استُوردت خطة تقييم
WORD_DID_PERFORMANCE_SCHEME_WITHDRAW = بطل استعمال خطة تقييم
WORD_DID_PERFORMANCE_SCHEME_WRITE = كُتبت خطة تقييم
WORD_DID_PERFORMANCE_TRANSFER_APPROVE = وُوفق على نقل بين المناطق
WORD_DID_PERFORMANCE_TRANSFER_PREPARE = أُعدّ نقل بين المناطق
WORD_DID_PERFORMANCE_TRANSFER_RELEASE = أُطلق نقل بين المناطق
WORD_DID_SUITE_AUDIT_SEARCH = بُحث في السجل
WORD_DID_SUITE_PERSON_ERASE = مُحيت بيانات موظف
WORD_DID_SUITE_PERSON_EXPORT = استُخرج ما يُحتفظ به عن موظف
WORD_DID_SUITE_RETENTION_RUN = حُذف ما انتهت مدته
WORD_DID_SUITE_TENANT_EXPORT = استُخرجت كل بيانات المجموعة
WORD_DID_TALENT_EVIDENCE_READ = قُرئت القرائن
WORD_DID_TALENT_EVIDENCE_RECORD = سُجّلت قرينة
WORD_DID_TALENT_PROFILE_READ = قُرئت ملفات الموظفين

## Console: platform


## Console: checks and replays, holds, retention, erasure and schedules

REPLAY_ACCOUNT_FIGURES = أرقام الحساب لا توافق مجموع حصصه
REPLAY_ADJUSTMENTS_OTHER = ما يُدفع أو يُستقطع من التصحيحات مختلف
REPLAY_AMOUNT_OTHER = درجة أخرى أو مبلغ آخر
REPLAY_CREDITED =
    { $records ->
        [zero] أُسند { $records } سجل
        [one] أُسند سجل واحد
        [two] أُسند سجلان
        [few] أُسندت { $records } سجلات
        [many] أُسند { $records } سجلًا
       *[other] أُسند { $records } سجل
    }
REPLAY_DIGEST_OTHER = البصمة الرقمية للدورة ليست بصمة مدخلاتها ونتائجها
REPLAY_FIGURES =
    { $records ->
        [zero] { $records } سجل
        [one] سجل واحد
        [two] سجلان
        [few] { $records } سجلات
        [many] { $records } سجلًا
       *[other] { $records } سجل
    }، منها { $unattributed } لم يُسند إلى أحد؛ وأُسند إلى موظفي الدورة { $credited }؛ و{ $people ->
        [zero] { $people } بطاقة تقييم
        [one] بطاقة تقييم واحدة
        [two] بطاقتا تقييم
        [few] { $people } بطاقات تقييم
        [many] { $people } بطاقة تقييم
       *[other] { $people } بطاقة تقييم
    }
REPLAY_FIGURES_OTHER = أرقام الدورة لا توافق مجموع حصصها وبطاقات تقييمها
REPLAY_LINE_OTHER = الخطوات المؤدية إلى المبلغ مختلفة
REPLAY_NOT_DERIVED = محفوظ، ولا شيء يؤدي إليه
REPLAY_NOT_STORED = ينتج من المدخلات، وليس محفوظًا
REPLAY_REASON_OTHER = الموظفون والحصص أنفسهم، لسبب آخر
REPLAY_STATEMENT = { $amount } بدرجة { $score }
    .alone = لا شيء من الصندوق
    .adjusted = { $line }، و{ $adjusted } من التصحيحات
REPLAY_SUMS =
    المجموع { $pool }: للموظفين { $paid }، ولصناديق الفرق { $funds }؛ ومن التصحيحات { $adjusted }؛ و{ $people ->
        [zero] { $people } كشف مستحقات
        [one] كشف مستحقات واحد
        [two] كشفا مستحقات
        [few] { $people } كشوف مستحقات
        [many] { $people } كشف مستحقات
       *[other] { $people } كشف مستحقات
    }
REPLAY_SUMS_OTHER = مجاميع التسوية ليست مجاميع كشوف مستحقاتها
REPLAY_SUM_OTHER = مجموع الحصص، مقياسًا مقياسًا، مختلف
REPLAY_UNREADABLE = لا يمكن قراءة المحفوظ: ليس هو ما كُتب
NAV_AUDIT_CHAIN = فحص السجلات
NAV_AUDIT_REPLAY = إعادة الحساب
UI_CHAIN_SAID = تحتفظ كل خدمة بسجل لما جرى وما اطُّلع عليه في مجموعتك. كل مدخلة مرتبطة بما قبلها، وأحدثها موقّعة، وكل صف يسمّي المدخلة التي كتبته. والفحص يعيد قراءة ذلك كله: فما غُيّر أو أُدرج أو حُذف بينها يُكتشف ويُسمّى.
UI_CHAIN_SERVICE = أي سجل
UI_CHAIN_ALL = كلها
UI_CHAIN_CHECK = فحص
UI_CHAIN_CHECKING = تجري قراءة السجل
UI_CHAIN_RESULT = نتيجة الفحص
UI_CHAIN_CHECKED =
    { $count ->
        [zero] فُحصت { $count } مدخلة
        [one] فُحصت مدخلة واحدة
        [two] فُحصت مدخلتان
        [few] فُحصت { $count } مدخلات
        [many] فُحصت { $count } مدخلة
       *[other] فُحصت { $count } مدخلة
    }
UI_CHAIN_WHOLE = سليم
UI_CHAIN_BROKEN = مختل
UI_CHAIN_UNKNOWN = غير معروف
UI_CHAIN_HOLDS =
    { $entries ->
        [zero] { $entries } مدخلة
        [one] مدخلة واحدة
        [two] مدخلتان
        [few] { $entries } مدخلات
        [many] { $entries } مدخلة
       *[other] { $entries } مدخلة
    } و{ $rows ->
        [zero] { $rows } صف
        [one] صف واحد
        [two] صفان
        [few] { $rows } صفوف
        [many] { $rows } صفًا
       *[other] { $rows } صف
    }: كلها كما كُتبت.
UI_CHAIN_FAILS =
    قُرئ ما يلي: { $entries ->
        [zero] { $entries } مدخلة
        [one] مدخلة واحدة
        [two] مدخلتان
        [few] { $entries } مدخلات
        [many] { $entries } مدخلة
       *[other] { $entries } مدخلة
    } و{ $rows ->
        [zero] { $rows } صف
        [one] صف واحد
        [two] صفان
        [few] { $rows } صفوف
        [many] { $rows } صفًا
       *[other] { $rows } صف
    }. وهذا ليس كما كُتب، مع ذكر أول موضع من كل سلسلة وكل جدول:
UI_CHAIN_EMPTY = لم يُكتب شيء في هذا السجل بعد.
UI_CHAIN_FROM = أول مدخلة
UI_CHAIN_TO = آخر مدخلة
UI_CHAIN_OUTSIDE = يمكن لمن يشغّل Tally أيضًا أن يقابل السجلات برؤوس موقّعة محفوظة في مكان آخر، باستخدام tally audit verify: فيُكتشف بذلك أن قاعدة بيانات أقدم أُعيدت بأكملها.
UI_REPLAY_SAID = الشهر المغلق ينتج مما صُنع منه: وقائع ذلك الوقت وسجلاته، وإصدارات السياسة وخطة التقييم. وإعادة الحساب تستخرجه من جديد وتقابله بالمحفوظ. ولا تغيّر شيئًا.
UI_REPLAY_WHAT = أي دورة أو تسوية
UI_REPLAY_CYCLES = الدورات
UI_REPLAY_SETTLEMENTS = التسويات
UI_REPLAY_RUN = إعادة الحساب
UI_REPLAY_NONE = لا توجد بعد دورة مغلقة يحق لك قراءتها. وحين تُغلق دورة يمكن إعادة حسابها هنا.
UI_REPLAY_RUNNING = يُعاد الحساب
UI_REPLAY_RESULT = نتيجة إعادة الحساب
UI_REPLAY_SAME = متطابق
UI_REPLAY_DIFFERENT = مختلف
UI_REPLAY_CYCLE_SAME =
    أُعيد حساب { $credits ->
        [zero] { $credits } حصة
        [one] حصة واحدة
        [two] حصتين
        [few] { $credits } حصص
        [many] { $credits } حصة
       *[other] { $credits } حصة
    } و{ $cards ->
        [zero] { $cards } بطاقة تقييم
        [one] بطاقة تقييم واحدة
        [two] بطاقتي تقييم
        [few] { $cards } بطاقات تقييم
        [many] { $cards } بطاقة تقييم
       *[other] { $cards } بطاقة تقييم
    }. والمحفوظ مطابق، إلى جزء من المليون.
UI_REPLAY_CYCLE_DIFFERENT =
    أُعيد حساب { $credits ->
        [zero] { $credits } حصة
        [one] حصة واحدة
        [two] حصتين
        [few] { $credits } حصص
        [many] { $credits } حصة
       *[other] { $credits } حصة
    } و{ $cards ->
        [zero] { $cards } بطاقة تقييم
        [one] بطاقة تقييم واحدة
        [two] بطاقتي تقييم
        [few] { $cards } بطاقات تقييم
        [many] { $cards } بطاقة تقييم
       *[other] { $cards } بطاقة تقييم
    }. والمحفوظ مختلف في { $differing ->
        [zero] { $differing } موضع
        [one] موضع واحد
        [two] موضعين
        [few] { $differing } مواضع
        [many] { $differing } موضعًا
       *[other] { $differing } موضع
    }.
UI_REPLAY_PAY_SAME =
    أُعيد حساب { $statements ->
        [zero] { $statements } كشف مستحقات
        [one] كشف مستحقات واحد
        [two] كشفي مستحقات
        [few] { $statements } كشوف مستحقات
        [many] { $statements } كشف مستحقات
       *[other] { $statements } كشف مستحقات
    }. والمحفوظ مطابق، إلى أصغر وحدة نقدية.
UI_REPLAY_PAY_DIFFERENT =
    أُعيد حساب { $statements ->
        [zero] { $statements } كشف مستحقات
        [one] كشف مستحقات واحد
        [two] كشفي مستحقات
        [few] { $statements } كشوف مستحقات
        [many] { $statements } كشف مستحقات
       *[other] { $statements } كشف مستحقات
    }. والمحفوظ مختلف في { $differing ->
        [zero] { $differing } موضع
        [one] موضع واحد
        [two] موضعين
        [few] { $differing } مواضع
        [many] { $differing } موضعًا
       *[other] { $differing } موضع
    }.
UI_REPLAY_DIGESTS = البصمات الرقمية
UI_REPLAY_DIGEST = المدخلات والنتائج
UI_REPLAY_DIGEST_CREDITS = الحصص
UI_REPLAY_DIGEST_INPUTS = المدخلات
UI_REPLAY_THEN = حينذاك
UI_REPLAY_NOW = الآن
UI_REPLAY_FIRST =
    { $count ->
        [zero] لا يُعرض شيء ({ $count }).
        [one] هذا هو الأول.
        [two] هذان أول موضعين.
        [few] هذه أول { $count } مواضع.
        [many] هذه أول { $count } موضعًا.
       *[other] هذه أول { $count } موضع.
    }
UI_REPLAY_RENAMED = البصمة الرقمية مختلفة مع أن النتيجة نفسها: صار لشيء ما اسم آخر، كموظف مُحيت بياناته، أو أن قاعدة بيانات المناطق الزمنية من إصدار آخر.
UI_REPLAY_WHERE = الموضع
UI_REPLAY_STORED = المحفوظ
UI_REPLAY_DERIVED = المحسوب
UI_REPLAY_WHY = وجه الاختلاف
UI_REPLAY_OF_CREDIT = حصص { $record } على { $account }
UI_REPLAY_OF_ACCOUNT = الحساب { $account }
UI_REPLAY_OF_SUM = مجاميع { $person }
UI_REPLAY_OF_CARD = بطاقة تقييم { $person }
UI_REPLAY_OF_CYCLE = الدورة
UI_REPLAY_OF_STATEMENT = كشف مستحقات { $person }
UI_REPLAY_OF_SETTLEMENT = التسوية
UI_REPLAY_MASKED = يُعرض المحفوظ والمحسوب لمن يحق له قراءة بطاقات التقييم والأجور.
UI_REPLAY_BROKE = تعذّر إتمامه.
WORD_DID_COMPENSATION_SETTLEMENT_REPLAY = أُعيد حساب تسوية
WORD_DID_PERFORMANCE_CYCLE_REPLAY = أُعيد حساب دورة
WORD_DID_SUITE_AUDIT_VERIFY = فُحص السجل
NAV_SCHEDULES = الإغلاق المجدول
NAV_HOLDS = حظر الحذف القانوني
NAV_RETENTION = مدة الاحتفاظ
NAV_ERASURES = محو البيانات
UI_HOLD_ON = المشمول بالحظر
UI_HOLD_BY = وضعه
UI_HOLD_STANDS = قائم
UI_HOLD_LIFTED = رُفع { $at }: { $reason }
UI_NO_HOLDS = لا يوجد حظر حذف.
UI_NEW_HOLD = وضع حظر حذف
UI_HOLDS_SAID = ما عليه حظر حذف لا يُمحى ولا يُحذف عند انتهاء مدته، في أي خدمة.
UI_HOLD_ALL_HINT = اتركه فارغًا ليشمل الحظر المجموعة كلها.
UI_LIFT_HOLD = رفع حظر الحذف
UI_LIFT_SAID = يوجد حظر حذف على { $of } ({ $reason }). وبعد رفعه قد يُحذف نهائيًا ما انتهت مدته.
UI_NAME_NOBODY = مثل رقم القضية. لا تذكر اسم أحد: يُحتفظ بهذا مدة أطول من بيانات الموظف.
UI_MONTHS_KEPT = أشهر الاحتفاظ
UI_MONTHS_BOUNDS = الحدود
UI_MONTHS_WITHIN = من { $least } إلى { $most }؛ و{ $usual } ما لم يُحدَّد غيره
UI_COUNTED_FROM = تُحسب من
UI_WHY_KEPT = سبب الاحتفاظ
UI_RETENTION_SAID = مدة الاحتفاظ بكل نوع من البيانات، في كل خدمة. وما انتهت مدته يحذفه التنظيف الذي يشغّله المشغّلون.
UI_RETENTION_SHORTER = إن حدّدت أشهرًا أقل حذف التنظيف التالي نهائيًا ما تكون مدته قد انتهت حينئذ.
UI_NUMBER_WANTED = اكتب عددًا صحيحًا.
UI_ERASURE_WAITS = ينتظر الموافقة
UI_ERASURE_UNDER_WAY = جارٍ
UI_ERASURE_COMPLETED = مُحي في كل مكان
UI_ERASURE_DROPPED = أُسقط
UI_WHY_DROPPED = سبب الإسقاط
UI_NO_ERASURES = لم يُطلب محو بيانات أحد.
UI_NEW_ERASURE = طلب محو بيانات
UI_ERASURES_SAID = تُمحى بيانات من غادر بعد أن يطلب ذلك شخص ويوافق عليه آخر. وتبقى النتائج التي تقوم عليها أجور غيره، بلا اسمه.
UI_APPROVE_ERASURE = الموافقة والمحو
UI_APPROVE_ERASURE_SAID = ستُمحى بيانات { $name } في كل خدمة. ولا يمكن التراجع عن ذلك.
UI_REJECT_ERASURE = رفض
UI_WITHDRAW_ERASURE = سحب
UI_WHAT_SERVICES_DID = ما فعلته كل خدمة
UI_ROWS_ERASED = صفوف أُفرغت
UI_NEXT_CLOSING = الإغلاق التالي
UI_LAST_RUN_FAILED = فشل آخر تشغيل
UI_RUNS_BY_ITSELF = يعمل تلقائيًا
UI_NO_SCHEDULES = لا يُغلق أي شهر تلقائيًا بعد.
UI_SCHEDULES_SAID = الأشهر التي تُغلق تلقائيًا. ولا يُنشر شيء تلقائيًا. وتُكتب الجدولة عبر الاستدعاءات rpc (CreateSchedule).
UI_CLOSES = موعد الإغلاق
UI_CLOSES_ON = في اليوم { $day } من الشهر التالي، { $time } ({ $zone })
UI_LOOKS_FIRST = يعاين أولًا
UI_WAITS_MINUTES =
    ثم يُغلق بعد { $minutes ->
        [zero] { $minutes } دقيقة
        [one] دقيقة واحدة
        [two] دقيقتين
        [few] { $minutes } دقائق
        [many] { $minutes } دقيقة
       *[other] { $minutes } دقيقة
    } ما لم يوقفه أحد
UI_WAS_DUE = الموعد
UI_GOES_ON = يستمر في
UI_STOP_RUN = إيقاف هذا التشغيل
UI_BEGIN_MONTH = بدء شهر يدويًا
UI_BEGIN_SAID = لشهر انتهى ولم يُبدأ، أو فشل تشغيله أو أُوقف.
UI_MONTH = الشهر
UI_MONTH_HINT = مثل 2026-03.
UI_SCHEDULE_RUNS = مرات التشغيل
UI_NO_RUN_YET = لم يجرِ أي تشغيل بعد.
WORD_SCHEDULE_RUN_STATE_LOOKING = يعاين ما ينقص
WORD_SCHEDULE_RUN_STATE_WAITING = ينتظر ثم يُغلق
WORD_SCHEDULE_RUN_STATE_CLOSING = جارٍ إغلاقه
WORD_SCHEDULE_RUN_STATE_DONE = مغلق
WORD_SCHEDULE_RUN_STATE_FAILED = فشل
WORD_SCHEDULE_RUN_STATE_STOPPED = أُوقف
DONE_HOLD_SET = وُضع حظر الحذف.
DONE_HOLD_LIFTED = رُفع حظر الحذف.
DONE_RETENTION_SET = حُفظت مدة الاحتفاظ.
DONE_ERASURE_ASKED = تم الطلب. يوافق عليه شخص آخر.
DONE_ERASURE_APPROVED = تمت الموافقة؛ وتمحو الخدمات البيانات الآن.
DONE_ERASURE_REJECTED = رُفض.
DONE_ERASURE_WITHDRAWN = سُحب.
DONE_SCHEDULE_RUN_STOPPED = أُوقف التشغيل.
DONE_SCHEDULE_RUN_BEGUN = بُدئ الشهر.
