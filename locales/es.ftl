### Las frases de Tally en español. Los identificadores y los argumentos son los de en.ftl; un idioma es un archivo.


## Parts

LIST_SEPARATOR = { "; " }
REFUSED_BECAUSE = { $kind } ({ $told })
KIND_INVALID_ARGUMENT = la solicitud es incorrecta: cámbiela
KIND_NOT_FOUND = no hay nada aquí que usted pueda ver
KIND_ALREADY_EXISTS = ya existe
KIND_ABORTED = otra persona cambió estos datos: vuelva a leerlos
KIND_FAILED_PRECONDITION = el estado actual no lo permite
KIND_PERMISSION_DENIED = usted no puede hacer esto
KIND_UNAUTHENTICATED = inicie sesión primero
KIND_RESOURCE_EXHAUSTED = demasiadas solicitudes a la vez: inténtelo de nuevo en un momento
KIND_UNAVAILABLE = el servicio no está disponible: inténtelo de nuevo en un momento
KIND_DEADLINE_EXCEEDED = tardó demasiado
KIND_CANCELLED = la llamada se abandonó
KIND_UNIMPLEMENTED = esta función no se ofrece en esa dirección

## Kinds of things

RESOURCE_ACCOUNT = cuenta
RESOURCE_ALIAS = alias
RESOURCE_API_KEY = clave de API
RESOURCE_CARD_OF_PERSON = ficha de puntuación de la persona
RESOURCE_COMPONENT = componente
RESOURCE_CORRECTION = corrección
RESOURCE_CYCLE = ciclo
RESOURCE_DEVICE = dispositivo
RESOURCE_DELEGATION = delegación
RESOURCE_EMERGENCY = acceso de emergencia
RESOURCE_EMPLOYMENT = empleo
RESOURCE_ERASURE = solicitud de supresión
RESOURCE_FINDING = hallazgo
RESOURCE_GRANT = autorización
RESOURCE_HANDOVER = traspaso
RESOURCE_HOLD = retención legal
RESOURCE_LEAVE = ausencia
RESOURCE_LOGIN = usuario
RESOURCE_ATTRIBUTION_RUN = cálculo de atribución
RESOURCE_ORG_UNIT = unidad organizativa
RESOURCE_PAGE = página
RESOURCE_PERSON = persona
RESOURCE_POOL = bolsa
RESOURCE_POSITION = puesto
RESOURCE_PRINCIPAL = identidad de acceso
RESOURCE_PROFILE_OF_PERSON = perfil de la persona
RESOURCE_PROVIDER = proveedor
RESOURCE_PUNCH = marcación
RESOURCE_RECORD = registro
RESOURCE_MEASURE = medida
RESOURCE_CLAIM = reivindicación
RESOURCE_OBSERVATION = observación
RESOURCE_REPORTING_LINE = línea de reporte
RESOURCE_SCHEDULE = cierre programado
RESOURCE_ROLE = rol
RESOURCE_RUN_OF_A_SCHEDULE = ejecución de un cierre programado
RESOURCE_SCHEME = esquema
RESOURCE_SCHEME_VERSION = versión de esquema
RESOURCE_SERVICE_ACCOUNT = cuenta de servicio
RESOURCE_SESSION = sesión
RESOURCE_SETTLEMENT = liquidación
RESOURCE_SHIFT = turno
RESOURCE_STATEMENT_OF_PERSON = extracto de la persona
RESOURCE_TRANSFER = transferencia
RESOURCE_UPLOAD = carga

## Every service

INTERNAL = se produjo un error de nuestro lado; el registro de sucesos del operador tiene los detalles
INTERNAL_DETAILS = detalles para quien investigue el problema: { $details }
NOT_FOUND = no existe, o usted no puede verlo: { $resource } { $id }
    .unit_on = no hay ninguna unidad organizativa { $id } que usted pueda ver el { $day }, la fecha que cuenta: se cerró antes, empieza después o nunca existió (ListOrgUnits con as_of muestra las que hay)
    .goes_on = la unidad organizativa { $id } se cerró antes del { $day }, la fecha que cuenta, y su personal pasó a { $into }: indique esta última
    .id_number = no hay ninguna persona con este número de identidad que usted pueda ver
    .removed = { $missing }; si era anterior al { $day }, es posible que se haya eliminado al terminar el plazo de conservación
INVALID_REQUEST =
    { $count ->
        [one] { $count } campo es incorrecto; los detalles indican cuál
       *[other] { $count } campos son incorrectos; los detalles indican cuáles
    }
INVALID_FIELD = { $field }: { $problem }
LIST_EMPTY = al menos un elemento
NAME_ONE_OF = indique solo uno de estos campos: { $fields }
CHANGE_MISSING = indique qué debe cambiar
DATE_EXPECTED = se espera una fecha: YYYY-MM-DD
    .month = se espera un mes: YYYY-MM
TEXT_EMPTY = no debe estar vacío
TEXT_TOO_LONG = { $max } caracteres como máximo
ID_MALFORMED = se espera un UUID
DATE_MALFORMED = { $field }: escriba YYYY-MM-DD
    .text = “{ $text }” no es una fecha: escriba YYYY-MM-DD
DATES_BACKWARDS = { $last } es anterior a { $first }
INSTANT_INVALID = se espera un instante entre los años 1 y 9999
TEXT_UNUSABLE = { $field }: de 1 a { $max } caracteres
ROWS_TOO_MANY = { $max } filas como máximo por llamada, y hay { $count }: haga varias llamadas
ROWS_MISSING = no hay ninguna fila: envíe al menos una
NOTHING_CHANGES = ya es así
    .fix = ya se corrigió, y el hallazgo es anterior: cierre de nuevo el ciclo (CloseCycle; CorrectCycle si está publicado) o inicie otro cálculo de atribución, y luego revise sus hallazgos
PAGE_TOKEN_INVALID = el token de página no pertenece a esta lista: empiece de nuevo sin token

## Numbers, money, time

DECIMAL_MALFORMED = “{ $text }” no es un número decimal con seis decimales como máximo
SHARE_OUT_OF_RANGE = una parte va de 0 a 1000000 millonésimas, no { $ppm }
CURRENCY_UNKNOWN = “{ $text }” no es un código ISO 4217 vigente: escriba tres letras mayúsculas, por ejemplo CNY
AMOUNT_MALFORMED = “{ $text }” no es un monto: escriba dígitos con un punto como máximo, por ejemplo 1234.50, sin separadores de miles ni símbolos de moneda
AMOUNT_TOO_FINE = “{ $text }” tiene más precisión de la que admite { $currency }: { $digits } dígitos como máximo después del punto
AMOUNT_TOO_LARGE = el monto es demasiado grande
CURRENCY_MISMATCH = { $one } y { $other } no se pueden sumar: convierta primero uno de los dos
    .pool = la bolsa está en { $pool } y los demás montos están en { $other }: una liquidación tiene una sola moneda
RATE_MALFORMED = “{ $text }” no es un tipo de cambio: escriba dígitos con un punto como máximo, por ejemplo 7.1234, con 12 como máximo después del punto y 18 en total
RATE_NOT_POSITIVE = un tipo de cambio es mayor que 0: escriba cuánto vale una unidad de la primera moneda en la segunda
RATE_MISSING = no se conoce ningún tipo de cambio de { $from } a { $to } el { $day }: registre con SetRates uno vigente desde esa fecha o antes, y repita la operación
SPLIT_WITHOUT_PEOPLE = no hay nadie entre quien repartir
SPLIT_WITHOUT_WEIGHT = todos los pesos son cero, así que no hay regla para repartir
SPLIT_DUPLICATE_ID = un ID aparece dos veces
SPLIT_WEIGHTS_TOO_LARGE = los pesos son demasiado grandes para un cálculo exacto: divídalos todos entre un factor común
ZONE_UNKNOWN = “{ $zone }” no es una zona horaria de IANA: escriba un nombre como Asia/Shanghai
TIME_MALFORMED = “{ $text }” no es una hora: escriba 2026-03-02T08:00:00+08:00, o 2026-03-02 08:00:00 para la hora local
TIME_IN_GAP = { $local } no existe en { $zone }: los relojes se adelantaron en ese momento
TIME_OUT_OF_RANGE = la fecha está fuera de los límites admitidos
PERIOD_BACKWARDS = el período termina el { $to }, antes de empezar el { $from }

## Sign-in

TOKEN_MISSING = inicie sesión primero: no se envió ningún token Bearer
UNAUTHENTICATED = inicie sesión primero
TOKEN_INVALID = el token no es válido aquí: inicie sesión de nuevo
TOKEN_EXPIRED = el token ha caducado: inicie sesión de nuevo
KEY_NOT_KNOWN_YET = la clave de este token todavía no se conoce aquí: inténtelo de nuevo en un momento
CLOCKS_DIFFER = los relojes de la suite no coinciden: inténtelo de nuevo en un momento
TOKEN_OF_ANOTHER_REGION = este token lo emitió la instancia de otra región: inicie sesión aquí
SESSION_ENDED = esta sesión ha terminado: inicie sesión de nuevo
SIGN_IN_REFUSED = el nombre, la contraseña o el código es incorrecto; después de cinco errores, espere hasta 15 minutos
SECOND_FACTOR_NEEDED = envíe el código que muestra su aplicación de autenticación, o un código de recuperación
SECOND_FACTOR_WRONG = el código es incorrecto o ya se usó: espere el siguiente y compruebe que el reloj esté en hora
PASSWORD_MUST_CHANGE = esta contraseña servía para un solo inicio de sesión: envíe también una nueva, en new_password
PASSWORD_WEAK = demasiado fácil de adivinar: use cuatro palabras que no tengan relación entre sí
    .why = demasiado fácil de adivinar ({ $why }): use cuatro palabras que no tengan relación entre sí
WEAK_BY_KEYBOARD = las teclas contiguas se adivinan primero
WEAK_BY_REPEATS = repetir algo apenas lo hace más difícil
WEAK_BY_FAME = es una de las contraseñas más usadas, o se le parece
WEAK_BY_SEQUENCE = las secuencias como abc o 6543 se adivinan primero
WEAK_BY_DATE = los años y las fechas se adivinan primero
WEAK_BY_WORD = una sola palabra o un solo nombre se adivina primero
PASSWORD_UNUSABLE = de 12 a 256 caracteres
LOGIN_MALFORMED = de 2 a 100 letras, dígitos y . _ - @ +
LOGIN_TAKEN = ese nombre de usuario ya está en uso
PERSON_HAS_LOGIN = esta persona ya tiene un usuario: cada persona tiene uno solo
REFRESH_REFUSED = esa sesión no existe o ha terminado: inicie sesión de nuevo
REFRESH_REUSED = este token de renovación ya se había usado, así que su sesión se cerró por seguridad: inicie sesión de nuevo
NO_PASSWORD = esta identidad de acceso inicia sesión sin contraseña
RESET_ONESELF = la contraseña propia se cambia con la anterior: ChangePassword
LOGIN_HOLDS_MORE = este usuario tiene { $permission }, que usted no podría darle: pídalo a alguien que pueda
SECOND_FACTOR_ALREADY_EXISTS = ya hay un segundo factor: quítelo primero
SECOND_FACTOR_MISSING = no hay un segundo factor: empiece con EnrollTotp
API_KEY_REFUSED = esa clave no existe o ya no es válida: cree una nueva
TOO_MANY_KEYS = una cuenta tiene { $max } claves válidas como máximo: revoque una primero
KEY_LIFE_UNUSABLE = expires_at: un instante futuro, a { $days } días como máximo
PROVIDER_UNKNOWN = ningún proveedor de inicio de sesión único tiene este nombre
PROVIDER_MALFORMED = de 2 a 50 caracteres entre a-z, 0-9 y -
PROVIDER_NAME_TAKEN = otro grupo tiene un proveedor con este nombre: elija otro
ADDRESS_MALFORMED = una dirección que empiece por https:// (o http:// en el bucle local), sin # y sin usuario
SSO_PROVIDER_AWAY = no se puede consultar al proveedor de identidad, o su respuesta no es válida: inténtelo de nuevo en un momento
SSO_STATE_REFUSED = este inicio de sesión caducó o se empezó en otro lugar: empiece de nuevo
SSO_REFUSED = no se aceptó la respuesta del proveedor de identidad: empiece de nuevo
SSO_LOGIN_UNKNOWN = el proveedor de identidad lo conoce, pero aquí ningún usuario es suyo: pida uno a un administrador
EMPLOYMENT_ENDED = usted no tiene un empleo vigente hoy: consulte a quienes gestionan el personal del grupo
MODULE_NOT_ENTITLED = el grupo no tiene el módulo { $module }: consulte a quien opera la suite
TENANT_SUSPENDED = el grupo está suspendido: quien opera la suite puede reactivarlo
REGION_NOT_SERVED = los datos de la región { $region } están en la instancia de esa región: envíe esta llamada allí (esta atiende { $served })
    .file = el archivo es para la región { $region }: impórtelo allí
FIELD_NOT_READABLE = { $field }: para buscar a alguien por este campo se necesita { $permission }, que ninguna de sus autorizaciones le da
PERMISSION_DENIED = usted no puede hacer esto: pida una autorización
    .at_all = ninguna de sus autorizaciones le da { $permission }
    .here = sus autorizaciones le dan { $permission }, pero no aquí
    .group = sus autorizaciones le dan { $permission } para unidades, y lo que no indica ninguna unidad es de todo el grupo: indique una unidad suya si la llamada la admite; si no, pida una autorización sobre el grupo
    .signed_in = esto es solo para quienes iniciaron sesión
    .other_group = un servicio solo pide vistas del grupo en el que trabaja
FOUR_EYES_REQUIRED = esto debe hacerlo otra persona: quien haya intervenido en un paso anterior, también al delegar el derecho o recibirlo por delegación, no puede dar este

## The group, its units and its people

INITIALISED_ALREADY = esta base de datos ya contiene un grupo: inicie sesión, empiece con una base vacía o presente una invitación
    .invited = esta invitación ya se usó y su grupo existe: inicie sesión en ese grupo, o pida otra invitación al operador
INVITATION_INVALID = la invitación no es de esta instancia o no está completa: pida otra a su operador
INVITATION_EXPIRED = la invitación ha caducado: pida otra al operador
INVITED_ANOTHER = la invitación es para un grupo con otro ID
REGION_ALREADY_EXISTS = el grupo ya tiene la región { $region }
REGION_MALFORMED = una región se escribe con 1 a 32 caracteres entre a-z, 0-9 y -, por ejemplo cn-north
REGION_UNUSABLE = de 1 a 32 caracteres entre a-z, 0-9 y -, cada una una sola vez
REGION_IS_GLOBAL = una región, no todo el grupo
REGION_MISSING = el grupo tiene varias regiones: indique la de la sucursal
    .from = esta instancia atiende varias regiones del grupo: indique en from_region la que el archivo abandona
    .switch = esta instancia atiende varias regiones del grupo: indique con --from REGION la que el archivo abandona
REGION_UNKNOWN = el grupo no tiene la región “{ $region }”
REGION_DIFFERS = la sucursal está en { $region }, y los datos no pasan de una región a otra
REGION_CROSSED = las unidades están en regiones distintas, y los datos no pasan de una región a otra
    .person = la unidad está en otra región, y los datos no pasan de una región a otra: ponga fin al empleo aquí y contrate a la persona allí con un número de esa región
    .manager = el responsable pertenece a otra región, cuyo personal no puede leer los datos de esta
SUSPENDED_ALREADY = el grupo ya está suspendido
SUSPENDED_TOO_SHORT = un grupo se elimina 30 días después de suspenderlo, no antes del { $from }
NOT_SUSPENDED = el grupo está en uso
NAME_DIFFERS = escriba el nombre del grupo letra por letra, para confirmar que es el correcto
TENANT_DELETED = el grupo se eliminó
MODULE_UNKNOWN = “{ $name }” no es un módulo: existen { $known }
PSEUDONYM_ALREADY_EXISTS = la persona tiene otro seudónimo, que se mantiene
PSEUDONYM_TAKEN = otra persona tiene aquí este seudónimo: compruebe de quién es
DIRECTORY_OLDER = ya se importó un directorio más reciente de esta región
UNIT_PATH_MALFORMED = de 1 a 16 nombres separados por /, cada uno de 1 a 200 caracteres
UNIT_NAME_MALFORMED = de 1 a 200 caracteres, sin /
UNIT_UNKNOWN = no hay ninguna unidad “{ $path }”: impórtela primero
    .was = ninguna unidad se llama “{ $path }” el { $day }, porque cambió de nombre, se movió o se cerró: escriba la ruta que tiene en esa fecha
UNIT_DIFFERS =
    la unidad ya existe como { $kind ->
        [legal_entity] entidad jurídica
        [branch] sucursal
        [department] departamento
        [team] equipo
       *[group] grupo
    }
UNIT_KIND_IS_ROOTS = solo la raíz es el grupo
UNIT_KIND_UNKNOWN = no existe ese tipo de unidad: sucursal, entidad jurídica, departamento o equipo, o ninguno para el tipo habitual
UNIT_BEGINS_LATER = la unidad o una superior empieza el { $day }: indique esa fecha o una posterior
    .hired_on = “{ $path }” empieza el { $day }, después de hired_on
UNIT_CLOSES = la unidad { $unit } cierra el { $day }: elija otra, u otras fechas
    .into = la unidad { $unit } cierra el { $day } y su personal pasa a { $into }: elija esta última, u otras fechas
UNIT_HAD_NAME = allí hubo una unidad llamada “{ $name }” hasta el { $day }, y ahora tiene otro nombre o lugar: escriba la ruta que tiene (ListOrgUnits) o, para una unidad nueva con el nombre anterior, de qué tipo es (kind)
ROOT_STAYS = la raíz es el grupo: se queda como está
ORG_CYCLE = la nueva unidad superior está por debajo de esta unidad, ahora o por un movimiento previsto
ORG_TOO_DEEP = el árbol tendría más de { $max } niveles, ahora o por un movimiento previsto
UNIT_NAME_TAKEN = la unidad superior ya tiene una unidad “{ $name }” en esas fechas
UNIT_CHANGE_PLANNED = la unidad tiene un cambio el { $day }: indique esa fecha o una posterior
UNIT_CHANGE_BACKDATED = { $from } es anterior al mes en curso: quienes tenían la unidad a su cargo dejarían de ver sus días desde entonces, incluidos meses cerrados y pagados, y quienes la reciban los verían. Indique { $first } o una fecha posterior, o indique backdated si realmente fue así desde entonces
UNIT_HAS_CHILDREN = “{ $name }” depende entonces de la unidad: muévala o ciérrela primero, o fusione la unidad
UNIT_HAS_PEOPLE =
    { $count ->
        [one] { $count } empleo está entonces en la unidad: indique en move_people_to adónde va
       *[other] { $count } empleos están entonces en la unidad: indique en move_people_to adónde van
    }
MERGED_INTO_ITSELF = indique una o más unidades que fusionar, cada una una sola vez, y otra que permanezca
PEOPLE_TO_NOWHERE = la unidad a la que va el personal debe ser una sucursal o una unidad inferior, y no debe cerrar ese día
UNIT_HAS_NO_REGION = las personas pertenecen a una sucursal o a una unidad inferior, no al grupo mismo
PERSON_DIFFERS = este número de empleado ya existe con otro valor de { $field }
EARLIER_ROW_REFUSED = no se aceptó una fila anterior de este número, y esta es su continuación: corrija aquella y envíe las dos de nuevo
PERSON_OUT_OF_REACH = la unidad está fuera de lo que usted puede escribir, hoy o en algún día desde el primero: quite la fila, o pida que la envíe alguien que pueda para todos esos días
EMPLOYMENT_OVERLAPS = el empleo de la persona que empieza el { $day } cubre algunos de estos días: póngale fin primero
NOT_EMPLOYED = la persona no tiene empleo el { $day }
MANAGER_NOT_EMPLOYED = el responsable no tiene empleo el { $day }: elija a otra persona
ENDS_ALREADY = el empleo ya termina el { $day }
    .line = la línea ya termina el { $day }
EMPLOYMENT_KIND_UNKNOWN = “{ $text }” no es un tipo de empleo: use full_time, part_time, fixed_term, intern, agency, outsourced o freelance
NOT_IN_CATALOGUE = { $field }: el catálogo del grupo no tiene “{ $code }” el { $day }: impórtelo primero, o elija otro
EMPLOYMENT_CHANGE_PLANNED = el empleo tiene un cambio el { $day }: indique esa fecha o una posterior, o cancele el cambio
NOTHING_PLANNED = el empleo no tiene el { $day } ningún cambio que todavía se pueda cancelar
HOME_ENDS = este es el empleo principal, al que EndEmployment pone fin junto con todos los que lo acompañan
START_TOO_LATE = hay algo de este empleo, o de otro paralelo, el { $day }, antes de ese primer día: corríjalo primero
OUTLASTS_HOME = el empleo principal termina el { $day }: los empleos adicionales y las ausencias terminan a más tardar con él
LEAVE_OVERLAPS = la ausencia de la persona que empieza el { $day } cubre algunos de estos días: póngale fin primero
POST_KIND_MISSING = simultáneo (concurrent) o en comisión (secondment): un empleo principal surge de una contratación, un traslado o una recontratación
EMPLOYEE_NO_TAKEN = otra persona tiene este número de empleado
ID_NUMBER_TAKEN = otra persona de esta región tiene este número
ID_NUMBER_INVALID = un número de identidad tiene de 1 a 64 caracteres, sin caracteres de control
ID_NUMBER_CHECKSUM = el último carácter de este número de identidad de residente no concuerda con los demás: compruébelo en la tarjeta
LINE_KIND_MISSING = directa (solid) o funcional (dotted)
REPORTING_CYCLE = el { $day } el responsable reporta a esta persona, directamente o a través de otras
LINE_CHANGE_PLANNED = otra línea directa empieza el { $day }: póngale fin, o indique un último día anterior
LINE_THERE_ALREADY = la línea { $id } ya lo indica en algunos de estos días
RATE_OF_ITSELF = una moneda siempre vale lo mismo que ella misma: indique otra
SUPERSEDED_AND_KNOWN_AT = pida lo que se conocía en un instante o todo lo que se haya registrado, no ambas cosas
KIND_MISSING = indique si es un puesto o un grado
RANK_UNUSABLE = un grado tiene un rango a partir de 1, un puesto no lo tiene
ENTRY_CHANGE_PLANNED = el código tiene una entrada desde el { $day }: termine antes de esa fecha, o empiece en ella

## Access

HOURS_MALFORMED = un horario se compone de dos horas distintas, por ejemplo 08:00-20:00
SCOPE_MALFORMED = self, reports y tenant no indican nada; unit, subtree y legal_entity indican una unidad; region indica una región
REACH_MISSING = indique hasta dónde alcanza
PERMISSION_UNKNOWN = “{ $text }” no es un permiso de esta versión
ROLE_UNKNOWN = ningún rol se llama “{ $role }”
    .own = el grupo no tiene un rol propio llamado “{ $role }”
SCOPE_NOT_FOR_ROLE = { $role } no se da en el ámbito { $scope }
NOT_A_LEGAL_ENTITY = { $unit } no es una entidad jurídica
NO_PERSON = este usuario no pertenece a ninguna persona: indique una unidad o una región
    .punching = solo las personas marcan y traspasan cuentas: inicie sesión con un usuario que pertenezca a una persona
    .claiming = solo las personas reivindican conversaciones: inicie sesión con un usuario que pertenezca a una persona
DUTIES_SEPARATED = nadie tiene a la vez { $a } y { $b }: déselo a otra persona
    .role = ningún rol da a la vez { $a } y { $b }: divídalo en dos
    .holder = { $principal } tiene este rol y tendría a la vez { $a } y { $b }: retire antes una de las autorizaciones
    .delegated = nadie tiene a la vez { $a } y { $b }, ni por un día: delegue en otra persona
GRANTED_ALREADY = la autorización { $id } ya lo da en esos días
GRANT_NOT_HELD = ninguna de sus propias autorizaciones le da { $permission } allí, así que no puede transmitirlo
GRANT_TO_ONESELF = nadie se da a sí mismo lo que no tiene: pídalo a otro administrador
    .role = usted tiene este rol y no tiene { $permission }: pídalo a otro administrador
REVOKED_ALREADY = la autorización ya se retiró
PRINCIPAL_OR_LOGIN = indique la identidad de acceso o el usuario, uno de los dos
LAST_ADMINISTRATOR = entonces nadie podría ya dar roles: dé antes group_admin a otra persona
ROLE_NAME_MALFORMED = de 2 a 64 caracteres entre a-z, 0-9 y _
ROLE_NAME_RESERVED = un rol predefinido o un servicio tiene este nombre: elija otro
ROLE_EMPTY = indique al menos un permiso y un ámbito
ROLE_FOR_SERVICES = { $permission } es solo para los servicios de la suite
ROLE_IN_USE =
    { $count ->
        [one] { $count } autorización da este rol: retírela primero
       *[other] { $count } autorizaciones dan este rol: retírelas primero
    }
DELEGATION_EMPTY = indique al menos un permiso
DELEGATION_TIME = debe terminar después de empezar, y en el futuro
DELEGATION_TOO_LONG = 90 días como máximo: para más tiempo, pida que alguien dé un rol
DELEGATION_TO_ONESELF = indique a otra persona
DELEGATION_ENDED = la delegación ya terminó
PERMISSION_NOT_DELEGABLE = { $permission } nunca se delega
BREAK_GLASS_EMPTY = indique los permisos que se deben abrir
PERMISSION_NOT_OPENED = ningún acceso de emergencia abre { $permission }: los derechos sobre derechos y las funciones separadas se quedan donde están
BREAK_GLASS_SCOPE = indique una unidad, una región o el grupo, no self ni reports
BREAK_GLASS_REASON = explique qué ocurrió en al menos 20 caracteres
BREAK_GLASS_TIME = de 1 a 60 minutos
BREAK_GLASS_OPEN = su acceso de emergencia { $id } está abierto: ciérrelo primero
    .unreviewed = el acceso de emergencia sigue abierto: ciérrelo y luego revíselo
BREAK_GLASS_ENDED = el acceso de emergencia ya terminó
BREAK_GLASS_NO_STREAMS = un acceso de emergencia no abre flujos: pida las filas página por página
REVIEWED_ALREADY = ya se revisó
ALLOWED_BY_ROLE = el rol { $role } da { $permission } aquí
ALLOWED_BY_DELEGATION = { $permission } está delegado o abierto en una emergencia: vea por quién
REFUSED_HERE = el rol { $role } da { $permission }, pero no aquí
REFUSED_BY_CONDITION = el rol { $role } da { $permission } aquí solo con un segundo factor o en otro horario
REFUSED_TODAY = el rol { $role } da { $permission } aquí, pero no hoy
REFUSED_WITHOUT_MODULE = el grupo no tiene el módulo de { $permission }
REFUSED_WITHOUT_GRANT = ninguna autorización da { $permission }; estos roles lo dan: { $roles }

## Privacy

SUBJECT_IN_PART = un objeto tiene un tipo y un ID
LEGAL_HOLD = hay una retención legal: primero hay que levantarla, vea ListHolds
HOLD_LIFTED = la retención legal ya se levantó
RETENTION_KIND_UNKNOWN = “{ $kind }” no es un tipo de datos: ListRetention los indica todos
RETENTION_OUT_OF_BOUNDS = este tipo de datos se conserva de { $min } a { $max } meses
RETENTION_RUNS = lo que la ley exige conservar sobre la persona se conserva hasta el { $day }: vuelva a solicitarlo después de esa fecha
PERSON_ERASED = los datos de esta persona se suprimieron: ya no se puede escribir nada sobre ella; quien vuelve es una persona nueva
STILL_EMPLOYED = solo se pueden suprimir los datos de quien ya se fue: ponga fin primero al empleo
ERASURE_ALREADY_EXISTS = ya existe la solicitud de supresión { $id } para esta persona
OWN_ERASURE = nadie aprueba la supresión de sus propios datos: debe hacerlo otra persona
ERASED_ALREADY = la supresión ya se aprobó
ERASURE_DROPPED = la solicitud se retiró o se rechazó: solicite de nuevo la supresión
ERASURE_NOT_APPROVED = nadie la ha aprobado todavía
NOT_A_SERVICE = solo un servicio que guarda datos de personas informa sobre una supresión

## How long data are kept, counted from when and why

KEPT_FROM_ALIASES = el último día del alias o del dispositivo
KEPT_BECAUSE_ALIASES = mientras el pago se pueda impugnar, hay que poder probar a quién se atribuyen los registros
KEPT_FROM_DUTY = la hora de la marcación o del traspaso, el fin del turno
KEPT_BECAUSE_DUTY = documentos salariales y aquello en que se basan: dos años (Disposiciones Provisionales de China sobre el Pago de Salarios)
KEPT_FROM_PAY = el día en que se emitió el extracto
KEPT_BECAUSE_PAY = documentos de la retención del impuesto sobre la renta: cinco años; documentos salariales: dos años
KEPT_FROM_PERSON = el fin del último empleo
KEPT_BECAUSE_PERSON = contratos de trabajo terminados: dos años (Ley de Contratos Laborales de China)
KEPT_FROM_SESSIONS = el día en que la sesión terminó a más tardar
KEPT_BECAUSE_SESSIONS = registros de uso de la red: seis meses (Ley de Ciberseguridad de China)
KEPT_FROM_RECORDS = el inicio del registro
KEPT_BECAUSE_RECORDS = los registros en que se basa el pago, mientras se pueda impugnar
KEPT_FROM_RESULTS = el día en que se emitió el resultado; para una parte atribuida, el inicio de su registro
KEPT_BECAUSE_RESULTS = las puntuaciones en que se basa el pago: tanto tiempo como los documentos de la retención del impuesto sobre la renta
KEPT_FROM_REQUESTS = la solicitud
KEPT_BECAUSE_REQUESTS = una solicitud reenviada recibe su primera respuesta; nada exige más
KEPT_FROM_EVIDENCE = el día en que se registró el indicio
KEPT_BECAUSE_EVIDENCE = lo que resume un perfil; ninguna ley lo exige

## The suite

OVERLOADED = demasiadas llamadas a la vez: inténtelo de nuevo en un momento
RATE_LIMITED = demasiadas llamadas: inténtelo de nuevo en un momento
DEADLINE_EXCEEDED = la llamada tardó más de lo que permitía quien la hizo
STALE = alguien cambió estos datos después de que usted los leyó: vuelva a leerlos y repita su cambio
STORE_BUSY = otra persona cambió estos datos en el mismo momento; inténtelo de nuevo
STORE_UNAVAILABLE = la base de datos no está accesible ahora mismo; inténtelo de nuevo en breve
STORE_DAMAGED = la base de datos de un servicio está dañada, y repetir la operación no ayuda: su operador detiene el servicio, examina el alcance del daño (SQLite: PRAGMA integrity_check; PostgreSQL: pg_amcheck) y restaura la base desde una copia de seguridad
    .server = los datos de { $service } en la base { $database } en { $at } están dañados: detenga el servicio, examine el alcance del daño (pg_amcheck) y restaure la base desde su copia de seguridad; no se cambió nada en ella
STORE_READ_ONLY = la base de datos de un servicio solo se puede leer en este momento, y no se cambió nada: su operador le devuelve el derecho de escritura (SQLite: el archivo y su carpeta; PostgreSQL: el servidor que admite escrituras, no su réplica); después repita la operación
    .server = el PostgreSQL de { $service } en { $at } no admite escrituras: es una réplica, o default_transaction_read_only está activado. Indique en { $setting } el servidor que admite escrituras
PEER_UNAVAILABLE = un servicio que esta llamada necesita no está disponible: inténtelo de nuevo en un momento
PEER_REFUSES_SERVICE = un servicio que esta llamada necesita todavía no conoce a este: inténtelo de nuevo en un momento
PEER_ADDRESS_INVALID = { $address } no es la dirección de un servicio: escriba http://host:port o https://host:port
PEER_CERTIFICATE_UNKNOWN = el certificado del servidor está firmado por una autoridad que aquí no es de confianza: indique el archivo de esa autoridad (--ca, o client.authority en la configuración), o compruebe si es el servidor correcto
PEER_CERTIFICATE_FOR_ANOTHER = el certificado del servidor es para otro nombre: llame al servidor con un nombre que figure en su certificado
PEER_CERTIFICATE_OUT_OF_DATE = el certificado del servidor no es válido en este momento: su operador lo renueva, salvo que el reloj de esta máquina esté mal
PEER_WANTS_CERTIFICATE = el servidor exige un certificado a quien lo llama: indique el suyo (--client-cert y --client-key, o client.certificate y client.key en la configuración)
PEER_REFUSES_CERTIFICATE = el servidor no acepta el certificado presentado: pregunte a su operador qué autoridad firma los de quienes llaman
    .expired = el certificado presentado al servidor ha caducado: obtenga uno nuevo de quien lo firmó e indíquelo (--client-cert y --client-key, o client.certificate y client.key en la configuración)
    .revoked = el certificado presentado al servidor se revocó: obtenga uno nuevo de quien lo firmó e indíquelo (--client-cert y --client-key, o client.certificate y client.key en la configuración)
PEER_SPEAKS_PLAINTEXT = la dirección empieza por https://, y el servidor no usa TLS allí: escriba http://, o pida el puerto correcto a su operador
PEER_SPEAKS_TLS = la dirección empieza por http://, y el servidor usa TLS allí: escriba https://
PEER_TLS_FAILED = no se pudo establecer la conexión cifrada: { $why }
CERTIFICATE_KEY_MISMATCH = el certificado y la clave privada no corresponden entre sí: indique la clave para la que se hizo este certificado (--client-key o client.key de quien llama, server.tls_key de un servidor)
PEER_CERTIFICATES_UNUSABLE = los certificados para este servidor no se pueden usar: { $why }. Indique el archivo de la autoridad que firmó el certificado del servidor (--ca, o client.authority)
PEER_FAILED = un servicio que esta llamada necesita la rechazó
DEADLINE_MALFORMED = grpc-timeout tiene 8 dígitos como máximo y una de las unidades H M S m u n
REQUEST_CUT_OFF = la solicitud se interrumpió antes del final
REQUEST_UNREADABLE = la solicitud no se puede leer como el mensaje de este rpc: compruebe que quien llama y el servidor tengan el mismo contrato (proto/) y que los textos estén en UTF-8
    .envelope = la solicitud no es una secuencia de mensajes en los sobres de Connect: un byte de indicadores (0, o 1 si el mensaje está comprimido), cuatro bytes de longitud, el mensaje
    .compressed = la solicitud no se puede descomprimir: no está comprimida como indica ({ $said })
ONE_MESSAGE_WANTED = esta llamada admite exactamente un mensaje, y la solicitud contiene { $sent }
REQUEST_TOO_LARGE = la solicitud supera { $max } bytes: envíe menos filas a la vez
ANSWER_TOO_LARGE = la respuesta supera { $max } bytes: pida menos filas a la vez (page_size), o una selección más reducida
REQUEST_COMPRESSED = la solicitud está comprimida: envíela tal cual (grpc-encoding identity)
    .unknown = aquí nada lee la compresión { $said }: envíe la solicitud con gzip, o tal cual
TEXT_WITH_NUL = quite el carácter NUL (U+0000): ningún texto puede contenerlo
METHOD_UNKNOWN = ese método no existe aquí: compruebe el nombre, y que quien llama y el servidor sean de la misma versión
SERVICE_ELSEWHERE = el proceso de esta dirección no ejecuta el servicio { $service }: diríjase al que lo ejecuta; un servicio y un comando de tally lo encuentran por peers.{ $service } en la configuración
PROBLEM_TITLE =
    { $status ->
        [400] Solicitud incorrecta
        [401] Sesión no iniciada
        [403] No permitido
        [404] No encontrado
        [405] Método no permitido
        [409] Conflicto
        [412] Cambiado entretanto
        [413] Demasiado grande
        [415] Tipo de contenido no admitido
        [429] Demasiadas solicitudes
        [431] Encabezados demasiado grandes
        [499] Cancelado
        [501] No se ofrece aquí
        [503] No disponible
        [504] Tiempo agotado
       *[other] Error interno
    }
PATH_UNKNOWN = aquí nada tiene la ruta { $path }: las rutas están en /openapi.json
HTTP_METHOD_WRONG = { $method } no se ofrece para esta ruta; se admite { $allowed }
MEDIA_TYPE_WRONG = el cuerpo debe ser JSON (Content-Type: application/json), y se envió { $said }
    .rpc = esta llamada admite { $taken } (Content-Type), y se envió { $said }
BODY_TOO_LARGE = el cuerpo supera { $limit } bytes: envíe menos filas a la vez
BODY_BROKE_OFF = el cuerpo de la solicitud se interrumpió antes del final
BODY_TOO_SLOW = el cuerpo de la solicitud tardó demasiado: envíelo más rápido, o en partes más pequeñas
BODY_NOT_READ = esta llamada no lee ningún cuerpo: lo que admite va en la ruta y después de “?”
BODY_NO_OBJECT = el cuerpo debe ser un objeto JSON
HEADERS_TOO_LARGE = los encabezados de la solicitud superan { $limit } bytes, o son más de { $most }: envíe menos, o más cortos
BODY_NO_JSON = el cuerpo no es JSON a partir de la línea { $line }, columna { $column }
    .early = el cuerpo termina en mitad de su JSON
    .deep = el cuerpo tiene más de 127 niveles de listas y objetos
    .twice = un objeto del cuerpo tiene dos veces el nombre { $name }
FIELD_UNREADABLE = no se puede leer: escriba { $expected }
    .unknown = no existe ese campo
    .twice = se indica dos veces, como { $one } y como { $other }: quite uno de los dos
    .choice = indique solo uno de { $fields }
    .encoding = la codificación con signos de porcentaje no da un texto en UTF-8
    .precision = un instante tiene nueve decimales de segundo como máximo
    .second = los segundos van de 00 a 59
    .digits = tiene demasiados dígitos para un número con decimales o exponente: escríbalo como texto
VALUE_EXPECTED = un valor de su tipo
    .yes_or_no = true o false
    .whole = un número entero de { $least } a { $most }
    .number = un número
    .text = un texto, entre comillas
    .bytes = un texto en base64
    .instant = un instante entre los años 1 y 9999, por ejemplo 2026-03-02T09:00:00Z
    .duration = segundos, por ejemplo 600s
    .name = uno de { $names }
    .object = un objeto
    .list = una lista
FIELD_SAID_TWICE = se indica dos veces, con valores distintos: quítelo del cuerpo o de la consulta
CONNECT_QUERY_WRONG = debe ser v1
    .missing = falta
    .base64 = no es base64 en la forma que usan las direcciones
QUERY_UNKNOWN = no es un parámetro de esta llamada: los parámetros están en /openapi.json; lo que es personal va en un cuerpo
HEADER_NOT_READ = esta llamada no puede leer el encabezado { $header }: quítelo
    .several = el encabezado { $header } puede contener una sola etiqueta de entidad, entre comillas, o *
ANSWER_HAS_NO_FIELD = la respuesta no tiene el campo { $field }
DOCS_PAGE = Las llamadas de Tally
    .lead = Todas las llamadas de la suite por HTTP con JSON, tomadas de la misma tabla que el enrutador. Lo que hace cada una figura aquí como lo dicen los contratos, en inglés.
    .how = Cómo se escriben las cosas
    .machine = lo mismo para programas, OpenAPI 3.1
    .count =
        { $count ->
            [one] { $count } llamada
           *[other] { $count } llamadas
        }
    .permission = Requiere el permiso
    .session = Requiere una sesión, y ningún permiso.
    .nobody = No hace falta iniciar sesión.
    .parameters = Parámetros
    .body = Cuerpo
    .lines = Cuerpo: un objeto como este por línea
    .answer = Respuesta
    .stream = Respuesta: un objeto como este por línea, o por evento
    .refusals = Rechazos
    .example = Ejemplo
    .required = obligatorio
    .filled = lo rellena el servidor
    .values = Uno de
    .shapes = Objetos
    .in_path = en la ruta
    .in_query = después de ?
    .in_header = un encabezado
REQUEST_ID_INVALID = un request_id tiene { $max } caracteres como máximo; lo mejor es un UUID
REQUEST_ID_REUSED = este request_id pertenece a una solicitud anterior con otro contenido: use uno nuevo
LEASE_LOST = otro proceso de trabajo se hizo cargo de esta tarea; no se conservó nada de este intento

## For whoever operates the suite

PORT_TAKEN = no se puede escuchar en { $address }: { $cause }; elija otra dirección con --listen o TALLY_SERVER_LISTEN
HTTP_PORT_TAKEN = la pasarela no puede escuchar en { $address }: { $cause }; elija otra dirección con --http o TALLY_SERVER_HTTP, o quite gateway de --services
DATABASE_URL_INVALID = la URL de la base de datos debe empezar por sqlite:// o postgres://
    .server = { $setting } no se puede leer: se espera postgres://ROLE:PASSWORD@HOST:PORT/DATABASE, donde los signos / ? # @ % de una contraseña se escriben %2F %3F %23 %40 %25
    .file = { $setting } no se puede leer: se espera sqlite://FOLDER/{ "{" }service{ "}" }.db, o sqlite:///FOLDER/{ "{" }service{ "}" }.db para una carpeta que empieza por / o cuyo nombre no se compone solo de letras y dígitos
STORE_AWAY = el PostgreSQL de { $service } no está accesible en { $at }: { $why }. Compruebe que funcione allí, o corrija el host y el puerto en { $setting }
STORE_SIGN_IN_REFUSED = el PostgreSQL en { $at } rechaza la conexión de { $user }: no existe ese rol, o tiene otra contraseña. Ponga la contraseña correcta en { $setting }, o ejecute `tally migrate` con la URL del propietario, que crea el rol y le da esa contraseña
    .owner = el PostgreSQL en { $at } rechaza la conexión de { $user }: no existe ese rol, o tiene otra contraseña. Corrija el rol y la contraseña en { $setting }
    .rule = el PostgreSQL en { $at } no deja que { $user } entre en { $database } desde esta máquina de esta forma: ninguna regla de su pg_hba.conf lo permite. Si exige TLS, escriba sslmode=require en { $setting }; si no, su operador agrega una regla
STORE_DATABASE_MISSING = no hay ninguna base de datos { $database } en { $at }: corrija su nombre en { $setting }, o pida al propietario del servidor que la cree (CREATE DATABASE { $database })
STORE_PARAMETER_REFUSED = el PostgreSQL en { $at } no acepta los parámetros de la conexión; responde: { $says }. Corrija lo que sigue a “?” en { $setting }; si se trata de PgBouncer, su operador puede dejarlo pasar (ignore_startup_parameters en pgbouncer.ini)
STORE_TLS_FAILED = no se pudo establecer una conexión cifrada con el PostgreSQL en { $at } ({ $why }): corrija sslmode y sslrootcert en { $setting }, o pida al operador del servidor que arregle su certificado
    .none = { $setting } pide TLS (sslmode), y el PostgreSQL en { $at } no lo usa: pida a su operador que lo active (ssl = on), o quite sslmode si no hay nadie más en la red
STORE_RIGHT_MISSING = a { $user } le faltan derechos que { $service } necesita en la base { $database } en { $at }: ejecute `tally migrate` con la URL del propietario, que se los da
    .owner = { $user } no puede crear esquemas, roles y tablas en la base { $database } en { $at }: indique en { $setting } un rol que sea propietario de la base y pueda crear roles (CREATEROLE), o un superusuario
DATABASE_ROLE_OF_ANOTHER = { $service } se conecta como { $user }, y sus datos son solo para el rol { $login }: escriba tally_{ "{" }service{ "}" } como rol en { $setting } (postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE)
DATABASE_IN_USE = la base { $database } ya contiene datos de tally (esquema { $schema }), y se necesita una vacía: cree una (CREATE DATABASE) e indíquela con { $setting }; no se cambió nada
STORE_FILE_DAMAGED = el archivo { $file } está dañado o no es una base de SQLite: restáurelo desde su copia de seguridad, o indique otro lugar con { $setting }; no se cambió nada en él. Para ver el alcance del daño, use sqlite3 con PRAGMA integrity_check
STORE_FILE_UNUSABLE = el archivo { $file } no se puede abrir para leer y escribir: { $why }. Dé al usuario de este proceso derechos sobre el archivo y su carpeta, o indique otro lugar con { $setting }
    .read_only = el archivo { $file } solo se puede leer, y en una base de datos se escribe: dé al usuario de este proceso el derecho de escribir el archivo y su carpeta, o quite mode=ro de { $setting } si figura allí
STORE_DISK_FULL = el disco de { $at } está lleno: libere espacio y repita la operación
    .serving = el disco de la base de datos de un servicio está lleno, y no se cambió nada: su operador libera espacio; después repita la operación
STORE_DISK_FAILS = el disco de { $at } da errores: el registro de sucesos de esa máquina indica cuáles; repárelo o reemplácelo, y compruebe que los datos estén íntegros antes de continuar
    .serving = el disco de la base de datos de un servicio da errores, y no se cambió nada: su operador consulta el registro de sucesos de esa máquina; después repita la operación
DATABASE_ROLE_TOO_POWERFUL = la URL de la base de datos de { $service } se conecta como { $user }, { $power }: la seguridad a nivel de fila no se aplicaría. Ponga el rol { $login } en la URL (postgres://tally_{ "{" }service{ "}" }@host/database); `tally migrate` con la URL del propietario lo crea
POWER_SUPERUSER = un superusuario
POWER_BYPASSRLS = un rol con BYPASSRLS
POWER_OWNER = el propietario de las tablas
SCHEMA_BEHIND =
    al esquema de base de datos de { $service } le { $count ->
        [one] falta { $count } migración
       *[other] faltan { $count } migraciones
    } (la siguiente es { $next }): ejecute `tally migrate` con la URL del propietario
SCHEMA_AHEAD = una versión más reciente de tally actualizó la base de datos de { $service } (esta no conoce { $migration }): inicie esa versión o una más reciente, o restaure la copia de seguridad anterior a la actualización
TENANT_NOT_HERE = esta base de datos es un archivo de SQLite y contiene un solo grupo, que es otro; para varios grupos se necesita PostgreSQL (TALLY_DATABASE_URL=postgres://...), que los separa mediante seguridad a nivel de fila
STORE_OF_ANOTHER_SERVICE = el archivo de SQLite de { $service } es el de { $owner }: ponga { "{" }service{ "}" } en la URL (sqlite://dir/{ "{" }service{ "}" }.db)
SERVICE_NAME_INVALID = “{ $service }” no puede ser el nombre de un servicio: 32 caracteres como máximo entre a-z y _
HEADS_UNREADABLE = el archivo de cabezas firmadas { $file } no se puede leer: { $cause }
HEADS_UNWRITABLE = las cabezas firmadas del registro de auditoría no se pueden escribir en { $file }: { $cause }. Indique con audit.heads_directory una carpeta en la que el usuario de este proceso pueda escribir
KEYS_UNUSABLE = el archivo de claves { $file } no se puede usar: { $cause }. Restáurelo desde su copia de seguridad, o haga que keys.directory apunte a la carpeta correcta; lo que está sellado no se abre con otras claves
    .missing = no hay ningún archivo de claves { $file }: haga que keys.directory apunte a la carpeta correcta, o restáurelo desde su copia de seguridad; lo que está sellado no se abre con otras claves
    .closed = el archivo de claves { $file } no se puede usar: { $cause }. El usuario de este proceso debe poder leerlo como propietario (modo 0400) o por su grupo (0440, en Kubernetes con fsGroup)
    .unwritable = el archivo de claves { $file } no se puede escribir: { $cause }. Permita que el usuario de este proceso escriba en su carpeta, o indique otra con keys.directory
    .signing = la clave { $file } no se puede usar: { $cause }. Restáurela desde su copia de seguridad, o haga que keys.directory apunte a la carpeta correcta. Si no hay copia, muévala a otro lugar: el próximo inicio crea una nueva, quienes tienen sesión vuelven a iniciarla, y las demás instancias que confían en la clave anterior necesitan el nuevo .pub
    .closed_signing = la clave { $file } no se puede usar: { $cause }. El usuario de este proceso debe poder leerla como propietario (modo 0400) o por su grupo (0440, en Kubernetes con fsGroup)
    .public = la clave pública { $file } no se puede usar: { $cause }. Cópiela de nuevo desde el servicio al que pertenece; una que esté junto a su .key se puede eliminar, pues su servicio la escribe de nuevo al iniciarse
    .folder = la carpeta de claves { $file } no se puede usar: { $cause }. Permita que el usuario de este proceso la lea y escriba en ella, o indique otra con keys.directory
    .unwritable_signing = la clave { $file } no se puede escribir: { $cause }. Permita que el usuario de este proceso escriba en su carpeta, o indique otra con keys.directory
    .foreign = la clave pública { $file } no corresponde a la clave { $private } que está junto a ella: una de las dos se reemplazó. Restaure ambas desde su copia de seguridad; si la clave privada es la correcta, elimine la pública, que su servicio escribe de nuevo al iniciarse
SECRET_OPEN = cualquiera en esta máquina puede usarlo; escriba chmod 600 con su nombre
    .group = su grupo { $gid } puede usarlo, y este proceso no pertenece a ese grupo; escriba chmod 600 con su nombre, o ejecute el proceso con el grupo { $gid } (en Kubernetes: fsGroup: { $gid })
    .writable = su grupo puede cambiarlo; escriba chmod g-w con su nombre
KEY_FILE_MALFORMED = su primera línea debe empezar por “{ $header }”
    .lock = su primera línea no indica cómo está protegido
    .line = una línea debe ser: tipo, ID, clave
    .id = “{ $id }” no es el ID de una clave
    .base64 = la clave { $kind } { $id } no está en base64
    .length = la clave { $kind } { $id } debe tener 32 bytes
    .damaged = la clave { $kind } { $id } está dañada
    .kind = “{ $kind }” no es un tipo de clave
    .twice = la clave { $kind } { $id } aparece dos veces
    .few = necesita al menos una clave wrap, una bind y una sign
KEY_LINE_MALFORMED = una línea debe contener 32 bytes en base64, y desde cuándo o hasta cuándo son válidos
    .none = no contiene ninguna clave
KEYS_OF_ANOTHER_STORE = las claves de este proceso no son aquellas con las que se escribieron los datos de { $service }: haga que keys.directory apunte a la carpeta correcta, o restaure seal.key desde su copia de seguridad; no se cambió nada y no se creó ninguna clave. Con las claves correctas, `tally audit verify` indica si alguien alteró el registro de auditoría
STORE_LOST = la base de datos de { $service } está vacía, pero { $file } indica que contenía datos: restaure la base desde su copia de seguridad (con SQLite, su archivo), o compruebe si { $setting } apunta a otra; no se cambió nada. Solo si todo debe empezar de cero, mueva antes { $file } a otro lugar
KEYS_PASSPHRASE_MISSING = el archivo de claves { $file } está protegido: defina TALLY_KEYS_PASSPHRASE, o TALLY_KEYS_PASSPHRASE_FILE con un archivo que contenga la frase de contraseña
KEYS_PASSPHRASE_WRONG = ninguna clave de { $file } se abre con esta frase de contraseña: compruebe TALLY_KEYS_PASSPHRASE (o el archivo que indica TALLY_KEYS_PASSPHRASE_FILE); si es correcta, el archivo está dañado: restáurelo desde su copia de seguridad
KEYS_NOT_IN_A_FILE = estas claves existen solo en este proceso: no hay ningún archivo que cambiar
KEY_ROTATES_ALREADY = { $service } tiene una clave nueva que firma desde el { $from }: espere hasta entonces

## The command line

SERVER_AWAY = nadie responde en { $server }: ¿funciona la suite allí? --server indica dónde escucha
CLIENT_FILE_UNREADABLE = no se puede leer { $file }: { $why }
CLIENT_FILE_WRONG = { $file } no contiene ningún { $block } en formato PEM
SIGNED_IN_AS = como { $login } en { $server }, con sesión iniciada mediante `tally login`
LOGIN_GOOD = sesión iniciada hasta el { $until }. Los comandos siguientes no necesitan que se les indique de nuevo el token ni el servidor; otros programas lo envían como `authorization: Bearer ..`
LOGIN_NOT_REMEMBERED = el inicio de sesión no se puede guardar en { $file } ({ $why }): dé el token a los demás comandos con --token-file
SIGN_IN_OVER = la sesión de { $login } ha caducado: ejecute de nuevo `tally login { $login }`
SIGN_IN_FIRST = no hay token: ejecute antes `tally login NAME`, indique un archivo que contenga un token (--token-file), o páselo por una tubería
FOLDER_UNWRITABLE = no se puede crear la carpeta { $path }: { $cause }. Créela para el usuario de este proceso, o indique otra en { $setting }

## Bringing a bundle into a running suite

PERSON_NOT_IN_SUITE = la suite no tiene a nadie con el número de empleado { $number } que usted pueda ver: corrija la causa por la que no se aceptó esa fila de people.csv y repita la importación
ACCOUNT_NOT_IN_SUITE = la suite no tiene ninguna cuenta { $label } que usted pueda ver: corrija la causa por la que no se aceptó esa fila de accounts.csv y repita la importación
ROWS_OF_UNIT_REFUSED = su unidad { $unit } no se aceptó
ROWS_OF_NUMBER_REFUSED = el número { $number } no se aceptó en people.csv: esta fila puede referirse a una persona distinta que la suite
ROWS_OF_ACCOUNT_REFUSED = la cuenta { $label } no se aceptó en accounts.csv: esta fila puede referirse a una cuenta distinta que la suite
ROWS_OF_RECORD_REFUSED = el registro { $record } no se aceptó en records.csv: sus mensajes pueden ser de un registro distinto del que tiene la suite
NICKNAME_REFUSED = el alias { $alias } no se aceptó en aliases.csv, y este registro de { $number } puede nombrar con él a su agente
IMPORT_STOPPED =
    de esta ejecución, { $rows ->
        [one] { $rows } fila ya está importada
       *[other] { $rows } filas ya están importadas
    }, junto con todo lo que trajeron las anteriores: ejecute de nuevo el mismo comando, lo ya importado cuenta como existente
    .mend =
        de esta ejecución, { $rows ->
            [one] { $rows } fila ya está importada
           *[other] { $rows } filas ya están importadas
        }, junto con todo lo que trajeron las anteriores: corrija lo que aquí se indica y ejecute de nuevo el mismo comando, lo ya importado cuenta como existente
IMPORT_SERVICE_AWAY =
    no se pudo acceder al servicio { $service }; no se perdió nada: de esta ejecución, { $rows ->
        [one] { $rows } fila ya está importada
       *[other] { $rows } filas ya están importadas
    }, junto con todo lo que trajeron las anteriores. Ejecute de nuevo el mismo comando cuando el servicio vuelva, lo ya importado cuenta como existente
IMPORT_DAMAGED = se perdieron valores antes de la importación, y como la suite no sobrescribe nada, conservaría para siempre lo que queda de ellos: { $columns }
IMPORT_DAMAGED_COLUMN =
    en { $count ->
        [one] { $count } fila
       *[other] { $count } filas
    }, una hoja de cálculo redujo { $column } a sus primeros dígitos (por ejemplo { $example })
    .failed =
        en { $count ->
            [one] { $count } fila
           *[other] { $count } filas
        }, { $column } contiene lo que una hoja de cálculo muestra en lugar de un valor (por ejemplo { $example })
IMPORT_DAMAGED_CURE = no se escribió nada: exporte la columna como texto, sin fórmulas con error, e importe de nuevo, o escriba el mismo comando con --accept-damaged para escribir las filas tal como están
IMPORT_HEADING = Lo que trajo la importación, del { $from } al { $to }
IMPORT_READ = leídas
IMPORT_REJECTED = rechazadas
IMPORT_LEFT_OUT = unidas u omitidas
IMPORT_WRITTEN = escritas
IMPORT_REVISED = versión nueva
IMPORT_UNCHANGED = ya existentes
IMPORT_REFUSED = no aceptadas
IMPORT_CENSUS = Lo que contiene la suite, según lo que usted puede ver
IMPORT_BEFORE = antes
IMPORT_AFTER = después
IMPORT_UNITS = unidades organizativas
IMPORT_PEOPLE = personas
IMPORT_ACCOUNTS = cuentas
IMPORT_ALIASES = alias
IMPORT_DEVICES = dispositivos
IMPORT_SHIFTS = turnos del período
IMPORT_SHIFT_HOURS = sus horas
IMPORT_PUNCHES = marcaciones del período
IMPORT_HANDOVERS = traspasos del período
IMPORT_RECORDS = registros de estas cuentas en el período
IMPORT_RECORD_HOURS = sus horas
IMPORT_AMOUNT = sus ventas, en unidades menores
IMPORT_CLAIMS = reivindicaciones sobre estas cuentas en el período
IMPORT_REJECTED_ROWS =
    { $rows ->
        [one] { $rows } fila no se pudo leer; { $file } la indica con su solución.
       *[other] { $rows } filas no se pudieron leer; { $file } indica cada una con su solución.
    }
IMPORT_REVISED_ROWS =
    { $rows ->
        [one] { $rows } fila existe en una versión nueva; la anterior sigue siendo consultable
       *[other] { $rows } filas existen en una versión nueva; las anteriores siguen siendo consultables
    }
IMPORT_REFUSED_ROWS =
    { $rows ->
        [one] { $rows } fila no fue aceptada por la suite; { $file } la indica con su motivo.
       *[other] { $rows } filas no fueron aceptadas por la suite; { $file } indica cada una con su motivo.
    }
IMPORT_NEEDS = una importación requiere una cuenta que pueda leer y escribir unidades, personas, tiempo de servicio y registros, por ejemplo una con el rol group_hr

## Fields of requests

ROW_INVALID = { $problems }
INSTANT_IMPLAUSIBLE = se espera un instante de los años { $first } a { $last }: compruebe el año
VALUE_MISSING = debe indicarse
AT_MOST = { $max } como máximo
NUMBER_FROM_TO = de { $from } a { $to }
BEFORE_FROM = es anterior a from
THROUGH_OR_NAMED = pide todas las unidades: deje unit_ids vacío, o no indique esto
THROUGH_BEFORE = es el último de varios días: indique el primero en as_of, y ninguno posterior a este
NOT_AFTER_START = debe ser posterior a start
CUT_OVER_MALFORMED = escriba HH:MM entre 00:00 y 11:59

## Attendance

NEVER_EMPLOYED = usted aún no tiene ningún empleo, así que no se puede saber a qué pertenece esto: consulte a Recursos Humanos
PUNCH_REPEATED = ya se registró una marcación suya en este mismo instante
FACT_SUPERSEDED = la corrección { $id } ya lo rectificó, y ya no cuenta: corrija lo que cuenta ahora
CORRECTION_WAITS = la corrección { $id } del mismo hecho espera aprobación: apruébela, rechácela o retírela primero
CORRECTION_NOT_WAITING =
    { $stage ->
        [approved] la corrección ya se aprobó
        [rejected] la corrección se rechazó: solicítela de nuevo
        [withdrawn] la corrección se retiró: solicítela de nuevo
       *[other] la corrección ya cuenta
    }
CORRECTION_OUTDATED = la corrección { $id } rectificó el hecho después de esta solicitud: rechácela y haga una nueva sobre lo que cuenta ahora
    .gone = el hecho ya no se conserva desde que se hizo esta solicitud: rechácela
OWN_CORRECTION = nadie decide sobre una corrección de sus propios hechos: debe hacerlo otra persona
CORRECTION_OF_OTHERS = solo quien solicitó una corrección la retira: rechácela en su lugar
PERIOD_PURGED = lo anterior al { $day } ya no se conserva y no se puede rectificar
    .cycle = un período que empieza antes del { $day } se basa en datos { $kind } de los que pudo eliminarse algo al terminar el plazo de conservación, así que el ciclo no se puede recalcular: resuelva fuera de Tally lo que esté mal
    .close = un período que empieza antes del { $day } se basa en datos { $kind } de los que pudo eliminarse algo al terminar el plazo de conservación, y lo que falte faltaría sin aviso: elija un período que empiece el { $day } o después, o haga primero que { $kind } se conserve más tiempo (SetRetention) e importe lo que falta
    .row = lo anterior al { $day } ya no se conserva, y esta fila no está: quítela, o haga primero que { $kind } se conserve más tiempo (SetRetention)
    .named = { $name } no está, y lo anterior al { $day } ya no se conserva: quítelo, o haga primero que { $kind } se conserve más tiempo (SetRetention)
ALREADY_DIFFERENT = { $why }: corríjalo primero
FACT_IN_FUTURE = { $at } todavía no ha llegado, ahora es { $now }: una marcación o un traspaso se rectifica una vez que ha ocurrido; para planificar, publique un turno
LATE_CHANGE_UNEXPLAINED = el turno ya empezó: indique por qué se cambia ahora
CORRECTION_ACTION_EXPECTED = agregar (add), anular (void) o mover (move)
ALIAS_DAY_OUTSIDE = debe ser uno de los días en que el alias designa a esta persona
DEVICE_DAY_OUTSIDE = debe ser uno de los días en que el dispositivo es de esta persona o estación
DEVICE_OWNER_EXPECTED = un dispositivo es de una persona (person_id) o de una estación (seat): indique una de las dos
HANDOVER_REPEATED = este traspaso ya se registró en este mismo instante
PERSON_UNKNOWN = no hay ninguna persona { $id }: importe a las personas antes de lo que hicieron
ACCOUNT_UNKNOWN = no hay ninguna cuenta { $id }: importe primero las cuentas
    .file = { $account } no está en accounts.csv{ $hint }
PLACE_REGION_UNKNOWN = ninguna unidad del grupo está en la región { $region }
PLACE_UNIT_UNKNOWN = el grupo no tiene hoy ninguna unidad { $unit }
PLACE_TEAM_NOT_UNIT = el equipo { $team } no es la unidad { $unit }: quite uno de los dos
PLACE_REGION_OF_UNIT = la unidad está en la región { $is }, no en { $said }: no indique la región
ACCOUNT_CONTRADICTS_ROW = { $key } contradice una fila anterior de esta llamada en { $fields }: lo que se dijo de una cuenta se mantiene
ACCOUNT_CONTRADICTS_STORED = { $key } contradice lo que existe en { $fields }: lo que se dijo de una cuenta se mantiene, solo se agregan fases de fechas posteriores
    .team = { $key } contradice lo que existe en { $fields }: la cuenta es de la unidad { $unit }, y { $team } es hoy otra unidad. Escriba la ruta que tiene hoy su propia unidad, o solo unit_id
    .closed = { $key } contradice lo que existe en { $fields }: la cuenta es de la unidad { $unit }, que se cerró y hoy no tiene ruta, y { $team } es otra unidad. Escriba solo unit_id, sin el equipo
ACCOUNT_OUT_OF_REACH = { $key } está fuera de lo que usted puede enviar: quítelo, o pida que lo envíe alguien que pueda
FACT_OUT_OF_REACH = en ese día la persona está fuera de lo que usted puede enviar: debe enviarlo quien tenía entonces el equipo, o alguien del grupo
ALIAS_DIFFERENT = este alias existe desde la misma fecha con otra persona (employee_no) y otro fin (to)
    .person = este alias existe desde la misma fecha con otra persona (employee_no)
    .end = este alias existe desde la misma fecha con otro fin (to)
DEVICE_DIFFERENT = este dispositivo existe desde la misma fecha, de la misma persona o estación, con otro fin (to)
SHIFT_CANCELLED = el turno de esta persona en esta cuenta desde el { $start } se canceló, y un plan de turnos no lo restablece: para planificarlo de nuevo, cambie el turno { $shift } (ChangeShift)
SHIFT_DIFFERENT = el turno de esta persona en esta cuenta desde el { $start } existe con otro fin
    .seat = el turno de esta persona en esta cuenta desde el { $start } existe con otra estación, o sin ninguna cuando esta fila indica una
PUNCH_DIFFERENT = el { $at } consta una marcación de esta persona en el otro sentido (kind)
HANDOVER_DIFFERENT = el { $at } consta que lo hizo otra persona (employee_no), y solo una a la vez tiene esta cuenta
    .kind = el { $at } consta que esta persona hizo lo contrario (kind)
SITE_DIFFERENT = la sede { $name } existe con otra zona horaria, otra hora de corte u otra región
ALIAS_OVERLAP = este alias ya designa a alguien en algunas de estas fechas: ponga fin a uno antes de que empiece el otro
SLASH_NOT_ALLOWED = no debe contener una barra: con ella se unen plataforma, tienda y nombre
PHASES_MISSING = al menos una: cómo se usa la cuenta
DIRECTION_EXPECTED = indique qué sentido es mejor: más alto (higher) o más bajo (lower)
NORMALISATION_EXPECTED = indique cómo se convierte un valor en puntos: target_piecewise, min_max, percentile o t_score
PHASE_KIND_EXPECTED = compartida (shared), mixta (mixed) o nominativa (named)
PHASE_TWICE = dos fases empiezan en esta fecha
HANDOVER_KIND_EXPECTED = toma (take) o entrega (release)
PUNCH_KIND_EXPECTED = entrada (in) o salida (out)
SHIFT_TOO_LONG = un turno dura menos de { $hours } horas
PERIOD_TOO_LONG = { $days } días como máximo
DUTY_VERSION_EXPECTED = se espera 1, 2 o 3, o 0 para la más reciente
PUNCH_OF_SHIFT = corresponde a su turno que empieza el { $start }
PUNCH_CAME = su presencia cuenta a partir de ahora
PUNCH_LEFT = cierra la presencia que empezó el { $since }
PUNCH_STILL_IN = su presencia desde el { $since } seguía abierta: termina aquí y empieza una nueva
PUNCH_NOT_IN = usted no marcó entrada en las últimas { $hours } horas: solicite una corrección si lo olvidó
PUNCH_NOT_PLANNED = ningún turno suyo está cerca de esta hora
PUNCH_DRIFT = el reloj de su dispositivo difiere del nuestro en { $seconds } s; cuenta el nuestro
DUTY_DOUBLE_IN = { $number } marcó entrada de nuevo el { $at } sin haber marcado salida; la primera presencia termina ahí
DUTY_IN_WITHOUT_OUT = { $number } marcó entrada el { $at } y no marcó salida en { $hours } h; esa presencia no cuenta
DUTY_OUT_MAY_COME = la marcación de { $number } el { $at } cuenta como entrada, y las marcaciones terminan el { $last } sin salida; de ella no resulta presencia, y un turno de esa jornada cuenta solo donde lo cubre un par de marcaciones
DUTY_LONE_IN = la marcación de { $number } el { $at } cuenta como entrada, y no hay salida en las { $hours } h siguientes; de ella no resulta presencia, y un turno de esa jornada cuenta solo donde lo cubre un par de marcaciones
DUTY_LONE_OUT = la marcación de { $number } el { $at } cuenta como salida, y no hay entrada en las { $hours } h anteriores; de ella no resulta presencia, pero un turno de esa jornada cuenta solo donde lo cubre un par de marcaciones, y una tenencia sin entrega termina ahí
DUTY_SHIFT_UNCOVERED = { $number } tenía turno en { $account } del { $start } al { $end } y marcó en esa jornada, pero ningún par de marcaciones cubre parte alguna de él; el turno no cuenta hasta que se agreguen las marcaciones que faltan
DUTY_SHIFT_BARELY_COVERED =
    { $number } tenía turno en { $account } del { $start } al { $end } y marcó en esa jornada, pero { $why ->
        [other] las marcaciones que alcanzan este turno pertenecen a otro
       *[edge] ningún par de marcaciones cubre parte de su horario previsto
    }; cuentan como máximo { $minutes } min de su borde hasta que se agreguen las marcaciones que faltan
DUTY_SHIFT_HELD_BY_OTHERS = { $number } tenía turno en { $account } del { $start } al { $end }, pero según el registro de traspasos solo otras personas tenían la cuenta en el tiempo que habría contado; el turno no cuenta, y si { $number } atendió entonces, hay que agregar la toma y la entrega
DUTY_OUT_WITHOUT_IN = { $number } marcó salida el { $at } sin entrada en las { $hours } h anteriores; no cuenta
DUTY_OUT_AFTER_CLOSED_IN = la marcación de { $number } el { $at } cuenta como salida, pero la entrada anterior se cerró el { $out }; de ella no resulta presencia, y una tenencia sin entrega termina ahí
DUTY_SHIFT_NOT_EMPLOYED = { $number } tiene turno en { $account } del { $start } al { $end } y no tiene empleo en ese momento: el turno no cuenta; corrija el plan de turnos, o los días del empleo
DUTY_PUNCH_NOT_EMPLOYED = { $number } marcó el { $at } y no tiene empleo en ese momento: no cuenta; corrija la marcación, o los días del empleo
DUTY_HOLD_NOT_EMPLOYED = { $number } tomó { $account } el { $at } y no tiene empleo en ese momento: la tenencia no cuenta; corrija el traspaso, o los días del empleo
DUTY_IN_AND_OUT_AT_ONCE = { $number } marcó entrada y salida el { $at }, ambas a la vez; de ello no resulta presencia
DUTY_NOBODY = hay indicios sobre { $account }, y aun así nadie estuvo de servicio en el período
DUTY_NO_EVIDENCE_V1 =
    ningún plan de turnos, marcación ni traspaso informa sobre { $account } en el período: todo su equipo comparte todo su trabajo ({ $scope ->
        [all] todas las personas
       *[team] { $team }
    }, { $people } personas); publique planes de turnos o haga que las personas marquen
DUTY_NO_EVIDENCE =
    ningún plan de turnos, marcación ni traspaso informa sobre { $account } en el período: todo su equipo cuenta como de servicio ({ $scope ->
        [all] todas las personas
       *[team] { $team }
    }, personas: { $people }); publique planes de turnos o haga que las personas marquen
DUTY_RELEASE_WITHOUT_TAKE = { $number } entregó { $account } el { $at } sin tenerla; no cuenta
DUTY_NEVER_RELEASED =
    { $number } tomó { $account } el { $since } y nunca la entregó; la tenencia termina el { $end }, { $by ->
        [release] con la entrega
        [punch_out] con la siguiente marcación de salida
        [roster] con el fin del turno previsto
        [too_long] al alcanzar la duración máxima admitida
       *[taken_again] con la siguiente toma
    }
DUTY_NO_RELEASE_KNOWN =
    { $number } tomó { $account } el { $since } y después no consta ninguna entrega; la tenencia termina el { $end }, { $by ->
        [release] con la entrega
        [punch_out] con la siguiente marcación de salida
        [roster] con el fin del turno previsto
        [too_long] al alcanzar la duración máxima admitida
       *[taken_again] con la siguiente toma
    }
DUTY_TAKEN_AGAIN =
    { $number } tomó { $account } el { $since } y la tomó de nuevo el { $again } sin una entrega entre ambas; la tenencia termina el { $end }, { $by ->
        [release] con la entrega
        [punch_out] con la siguiente marcación de salida
        [roster] con el fin del turno previsto
        [too_long] al alcanzar la duración máxima admitida
       *[taken_again] con la siguiente toma
    }
DUTY_HELD_BY_TWO =
    { $first } y { $second } tenían { $account } a la vez del { $from } al { $until }; { $why ->
        [exclusive] solo una persona a la vez puede tenerla
       *[unreleased] la primera persona no la había entregado
    }

## What to do about findings

FINDING_ADVICE =
    { $kind ->
        [NO_DUTY_EVIDENCE] importe un plan de turnos de la cuenta, o haga que su personal marque o registre los traspasos, e inicie de nuevo el cálculo
        [UNHELD_ACCOUNT] agregue el turno de quien atendía entonces la cuenta, o las marcaciones o la toma que faltan; mueva un registro que sea de otra cuenta (MoveRecord)
        [OVERLAP] agregue la entrega de quien ya no tenía la cuenta cuando la otra persona la tomó (CorrectHandover)
        [MISSING_RELEASE] agregue la entrega (CorrectHandover)
        [RELEASE_WITHOUT_TAKE] agregue la toma que corresponde a la entrega, o anule la entrega (CorrectHandover)
        [DOUBLE_IN] agregue la salida antes de la segunda entrada, o anule una de las dos (CorrectPunch)
        [MISSING_PUNCH] agregue la marcación que falta, o anule la que está sola (CorrectPunch)
        [UNCOVERED_SHIFT] agregue las marcaciones del turno (CorrectPunch), o cancélelo si nadie vino (CancelShift)
        [BARELY_COVERED_SHIFT] agregue las marcaciones que le faltan al turno (CorrectPunch), o cambie su horario (ChangeShift)
        [HELD_BY_OTHERS] agregue la toma y la entrega de quien atendía según el plan de turnos (CorrectHandover), o cancele el turno (CancelShift)
        [NOT_EMPLOYED] rectifique el plan de turnos, la marcación o el traspaso, o los días del empleo (ChangeEmployment)
        [TAG_OFF_DUTY] agregue el turno o las marcaciones de la persona que nombra el registro, muévalo a la cuenta a la que pertenece (MoveRecord), o envíelo de nuevo con el nombre correcto y una revisión superior
        [NAMED_WITHOUT_AGENT] envíe de nuevo los registros con el nombre del agente y una revisión superior
        [MIXED_WITHOUT_TAG] envíe de nuevo los registros con el nombre del agente y una revisión superior, o deje que cuente el plan de turnos
        [TOO_FEW_TO_INFER] no hay que hacer nada; los traspasos o los nombres en los registros indican con más precisión quién atendió
        [DID_NOT_SETTLE] no hay que hacer nada; los traspasos indican con más precisión quién atendió
        [SEVERAL_AT_ONCE] envíe las horas de las respuestas, o haga que las personas reivindiquen sus conversaciones; los nombres en los registros también indican con más precisión quién atendió
        [TOO_FEW_REPLIES] en un mes pequeño no hay que hacer nada; los nombres en los registros, o las reivindicaciones, indican con más precisión quién atendió
        [REPLIES_TOO_DENSE] haga que una décima parte de los registros lleve nombre, se reivindique con un clic (MakeClaim) o se escriba en dispositivos conocidos (ImportDevices), y que se marquen las pausas
        [EVIDENCE_UNEVEN] haga que todas las personas de la cuenta hagan clic (MakeClaim), firmen o escriban en dispositivos conocidos (ImportDevices) por igual
        [CLOCK_WITHOUT_SECONDS] haga que las horas de las respuestas se exporten con sus segundos
        [CLAIM_OFF_DUTY] compruebe quién hizo clic, y las marcaciones y el plan de turnos de ese día
        [CLAIM_WITHOUT_RECORD] compruebe si el registro se envió, y el reloj de las reivindicaciones
        [CLAIMS_DIFFER] pregúnteles quién atendió, y haga que el registro nombre a su agente
        [DEVICE_OFF_DUTY] compruebe de quién es el dispositivo, y las marcaciones y el plan de turnos de ese día
        [DEVICE_OF_SEVERAL] indique de cuándo a cuándo es de cada persona el dispositivo
        [DEVICE_OF_NOBODY] indique de quién es el dispositivo en esos días, con el nombre que le dan los registros (ImportDevices), o asigne a alguien un turno en su estación
        [EVIDENCE_NOT_READ] indique la versión 3 de la política, que lo tiene en cuenta, o ninguna, para la más reciente; o déjelo así, pues el mes se atribuye entonces sin ello
        [REPLY_OUTSIDE_RECORD] compruebe cuándo empieza y termina el registro, y el reloj de las respuestas
        [BREAKS_NOT_PUNCHED] haga que las personas marquen salida para una pausa y entrada al volver (RecordPunch), o que traspasen la cuenta
        [CLOCKS_APART] ponga en hora el reloj del equipo, y haga exportar de nuevo sus mensajes si deben conservarse con la hora correcta
        [UNKNOWN_AGENT] indique de quién es el nombre (ImportAliases), o envíe de nuevo los registros con el correcto
        [ACCOUNT_UNKNOWN] importe la cuenta (ImportAccounts), o mueva los registros a la que pertenecen (MoveRecord)
        [POPULATION_CHANGED] cierre de nuevo el ciclo, salvo que deba quedarse con las personas de antes (CloseCycle)
        [AMOUNTS_CONVERTED] no hay que hacer nada; si un tipo de cambio es erróneo, registre el correcto (SetRates) e inicie de nuevo el cálculo
        [MEASURE_NOT_SENT] envíe lo que indica la frase, o quite el indicador del esquema
        [OBSERVATIONS_BEYOND_PERIOD] retire la observación (WithdrawObservation) y envíela en partes, cada una con días de un solo período, o cierre un período que contenga todos sus días
        [OBSERVATIONS_UNREAD] envíelas de nuevo con el nombre correcto y retire estas (WithdrawObservation), o haga que un esquema lea la medida; no hay que hacer nada si se guardan para más adelante
        [REFUND_EXCEEDS_SALE] envíe de nuevo el reembolso con el monto correcto y una revisión superior, o retírelo (WithdrawRecord); si es correcto, envíe de nuevo la venta con lo que aportó
        [CONTRIBUTOR_UNKNOWN] indique de quién es el nombre (ImportAliases), o envíe de nuevo el registro con los colaboradores correctos y una revisión superior
        [CONTRIBUTOR_OFF_DUTY] no hay que hacer nada si alguien ayudó fuera de su horario; si no, agregue el turno o las marcaciones, o envíe de nuevo el registro con los colaboradores correctos y una revisión superior
        [CONTRIBUTORS_NOT_SPLIT] indique una política con reparto para que esos registros se compartan, o déjelo así: los colaboradores se conservan
        [STANDARD_WITHDRAWN] redacte una versión nueva del esquema que siga un estándar vigente (ListRefinements indica qué encaja), y luego cree y cierre un ciclo con ella, o corrija con ella uno publicado (CorrectCycle); déjelo así si el mes todavía debe evaluarse con la anterior
       *[other] revise lo que se indica, rectifique lo que esté mal e inicie de nuevo el cálculo
    }
FIX_REFUSED = no se aceptó la rectificación: { $why }
FINDING_WITHOUT_FIX = ninguna llamada por sí sola rectifica un hallazgo del tipo { $kind }: su consejo indica qué hacer

## Performance

CYCLE_CLOSING = el ciclo se está cerrando en este momento: sígalo, o cancele primero el cierre
CYCLE_PUBLISHED = el ciclo está publicado y no cambia nunca más: corríjalo con CorrectCycle si su resultado debe ser otro
CYCLE_NOT_CLOSING = el ciclo no se está cerrando, así que no hay nada que cancelar
CYCLE_NOT_REVIEWABLE = el ciclo no tiene ningún resultado que publicar: ciérrelo primero
CYCLE_WITHOUT_RESULT = el ciclo aún no tiene resultado: ciérrelo, y sígalo hasta que se pueda revisar
PERIOD_WITHOUT_RECORDS = ningún registro de servicio de ninguna cuenta empezó entre el { $from } y el { $to }: importe los registros de esos días, o cree un ciclo de otros días
    .part = ningún registro de servicio de una cuenta de su unidad, o de una que atendió su personal, empezó entre el { $from } y el { $to }: importe los registros de esos días; si ya están, haga que las cuentas indiquen su equipo en la unidad, y corrija los empleos de quienes las atendieron; si sus equipos pasaron a otra unidad, esa cierra su mes
NOBODY_CREDITED =
    { $records ->
        [one] el único registro no se pudo atribuir a nadie
       *[other] ninguno de los { $records } registros se pudo atribuir a nadie
    }: importe planes de turnos, marcaciones o traspasos del período, y cierre de nuevo
    .unemployed =
        { $records ->
            [one] el único registro no se pudo atribuir a nadie
           *[other] ninguno de los { $records } registros se pudo atribuir a nadie
        }, porque nadie tiene empleo entre el { $from } y el { $to }: corrija los empleos o el período, y cierre de nuevo
    .elsewhere = nadie del ciclo tiene parte de un registro: lo que leyó el cálculo de atribución se atribuye a personas que no están en él ({ $elsewhere } de { $records }). Vea quién está y por qué (PreviewPopulation), corrija los empleos, o la cuenta, el agente o el plan de turnos en que se basan los registros, y cierre de nuevo
CYCLE_REFUSED = { $message }
CYCLE_GIVEN_UP = el cierre se intentó varias veces en vano ({ $reason }): cierre de nuevo, y si vuelve a fallar consulte al operador
STEP_QUEUED = en espera de un proceso de trabajo
STEP_COLLECTING = reuniendo personas, cuentas y tiempo de servicio
STEP_ATTRIBUTING = atribuyendo los registros a las personas
STEP_SCORING = elaborando las fichas de puntuación
RUN_RESTS = el cálculo de atribución ya terminó, así que no hay nada que detener
RUN_NOT_DONE = el cálculo de atribución no tiene resultado: sígalo hasta que termine, o inicie otro
RUN_DIFFERS = el cálculo de atribución es de otros días o de otra política que el ciclo: indique uno que coincida, o ninguno, y se iniciará uno
RUN_COVERS_PART = el cálculo de atribución trata de algunas cuentas o unidades y no de todo lo que abarca el ciclo: indique uno de la unidad del ciclo o de una superior, o ninguno, y se iniciará uno
    .moved =
        { $people ->
            [one] { $people } persona que está en el ciclo al { $day } (as_of) ya pertenecía
           *[other] { $people } personas que están en el ciclo al { $day } (as_of) ya pertenecían
        } a otra unidad el { $last }, con las cuentas atendidas: pida que se inicie un cálculo para { $unit } (StartAttributionRun, por alguien cuyos derechos la alcancen) e indíquelo (attribution_run_id), o tome el último día como as_of
    .moved_group =
        { $people ->
            [one] { $people } persona que está en el ciclo al { $day } (as_of) ya pertenecía
           *[other] { $people } personas que están en el ciclo al { $day } (as_of) ya pertenecían
        } a otra unidad el { $last }, con las cuentas atendidas: pida que se inicie un cálculo para el grupo (StartAttributionRun, por Recursos Humanos del grupo) e indíquelo (attribution_run_id), o tome el último día como as_of
RUN_AWAITED = se está cerrando un ciclo con este cálculo de atribución: cancele en su lugar el cierre del ciclo
RUN_OUTDATED = cambiaron registros de { $account } después de que el cálculo de atribución los leyó, y el esquema lee una columna que ese cálculo no sumó: inicie otro cálculo, o cierre sin indicar ninguno
RUN_WITHOUT_RATES = el esquema indica su moneda, y el cálculo de atribución es anterior a que se conservaran los tipos de cambio: cierre el ciclo sin indicar ese cálculo, o inicie otro
    .on = el registro { $record } de { $account } del { $day } está en otra moneda, y el cálculo de atribución no conserva tipos de cambio de ese día, porque ningún esquema para el que se inició, o que estuviera entonces vigente, se remonta tanto: cierre el ciclo sin indicar ese cálculo, o inicie otro
RUN_STOPPED = el cálculo de atribución se detuvo: cierre de nuevo el ciclo
RUN_BELONGS_ABOVE =
    { $own ->
        [0]
            personas de esta unidad atienden cuentas de { $units ->
                [0] otras unidades
               *[other] { $beyond }
            }
       *[other]
            personas de { $units ->
                [0] otras unidades
               *[other] { $beyond }
            } atienden las mismas cuentas ({ $accounts })
    }, y a quienes trabajaron juntos se les atribuye juntos: pida que se inicie el cálculo de atribución para { $unit } (StartAttributionRun, por alguien cuyos derechos la alcancen) y cierre con él (CloseCycle con attribution_run_id)
    .group =
        { $own ->
            [0]
                personas de esta unidad atienden cuentas de { $units ->
                    [0] otras unidades
                   *[other] { $beyond }
                }
           *[other]
                personas de { $units ->
                    [0] otras unidades
                   *[other] { $beyond }
                } atienden las mismas cuentas ({ $accounts })
        }, y a quienes trabajaron juntos se les atribuye juntos: pida que se inicie el cálculo de atribución para todo el grupo (StartAttributionRun sin unidad, por Recursos Humanos del grupo) y cierre con él (CloseCycle con attribution_run_id)
SCHEME_OF_ANOTHER_UNIT = el esquema pertenece a una unidad de la que el ciclo no depende: tome un esquema del grupo, de la unidad o de una superior
POPULATION_EMPTY = no hay nadie en el ciclo: vea con PreviewPopulation quién está y quién no, e indique otras unidades, puestos, grados o personas
POPULATION_UNIT_BEYOND = { $unit } no es la unidad del ciclo ni una inferior en ese día
POPULATION_PERSON_BEYOND = { $person } no pertenece a la unidad del ciclo ni a una inferior en ese día
POPULATION_PERSON_UNKNOWN = nadie en el grupo tiene el ID { $person }: busque el ID con ListPeople
POPULATION_AS_OF_OUTSIDE = { $day } no es un día del ciclo: indique un día del { $from } al { $to }, o ninguno, y cuenta el { $to }
STANDARD_WITHDRAWN = el esquema “{ $scheme }” adapta la versión { $version } del estándar “{ $standard }”, que deja de estar vigente el { $from }: el ciclo se puntúa igualmente con ella
    .instead = el esquema “{ $scheme }” adapta la versión { $version } del estándar “{ $standard }”, que deja de estar vigente el { $from }, y en su lugar debe usarse la versión { $instead }: el ciclo se puntúa igualmente con la anterior
POPULATION_CHANGED = entró en la población o salió de ella mientras se cerraba el ciclo
    .came = pertenece ahora a la población, pero no al empezar el cierre, y no tiene ficha: cierre de nuevo el ciclo para incluir a la persona
    .left = pertenecía a la población al empezar el cierre, pero ya no, y tiene ficha: cierre de nuevo el ciclo para excluir a la persona
CYCLE_OR_RUN = indique un ciclo o un cálculo de atribución, no ambos
RUN_GONE = el cálculo se canceló
WORKER_GONE = el proceso de trabajo desapareció
TIME_OF_DAY_MALFORMED = “{ $text }” no es una hora del día: escriba 04:00
RULES_VERSION_UNKNOWN = “{ $version }” no es una versión de las reglas: escriba 1, 2 o 3
RULES_VERSION_DIFFERS = quítelo, o escriba { $version } como en policy.version
ACCOUNT_ELSEWHERE =
    la cuenta { $account } está en la región { $region } y { $unit ->
        [none] no es de ninguna unidad
       *[other] es de la unidad { $unit }
    }: indíquelo así
EXTERNAL_ID_MISSING = external_id está vacío: indique el ID del registro en la plataforma
RECORD_TEXT_TOO_LONG = { $field } es demasiado largo: { $max } caracteres como máximo
MEASURE_TOO_LONG = una medida es demasiado larga: { $max } caracteres como máximo
MEASURES_TOO_MANY = la lista de medidas es demasiado larga: { $max } como máximo
RECORD_TIME_MISSING = { $field } falta o no es una hora
INTERVAL_BACKWARDS = termina el { $ended }, antes de empezar el { $started }: corrija una de las dos
RECORD_TIME_IMPLAUSIBLE = { $field } no está entre los años { $first } y { $last }: compruebe el año
INTERVAL_TOO_LONG = dura del { $started } al { $ended }, y ningún registro dura más de { $days } días: corrija las fechas
AMOUNT_OUT_OF_RANGE = el monto supera { $most } unidades menores: compruebe la unidad
REPLY_OUT_OF_RANGE = la primera respuesta llegó después de más de { $most } segundos: compruebe la unidad, o quítela
MEASURE_OUT_OF_RANGE = la medida “{ $name }” tiene más de { $digits } dígitos antes del punto: compruebe la unidad
AMOUNT_NEGATIVE = el monto es negativo: indique en refers_to el registro del que es reembolso
REFUND_TAKES_NOTHING = refers_to lo convierte en un reembolso, y su monto no es negativo: escriba con signo menos el monto devuelto, o deje refers_to vacío
REFERS_TO_NOTHING = { $id } remite a { $other }, que no es un registro de esta cuenta: envíelo primero, o en la misma llamada
REFERS_TO_REFUND = { $id } remite a { $other }, que es a su vez un reembolso: indique el registro que se atendió
REFERENCE_FIXED = { $id } ya existe y remite a otro registro, o a ninguno: retírelo, y envíe el reembolso con un ID propio
REPLY_RECORD_UNKNOWN = no hay ningún registro { $id } en esta cuenta, o es de un día que usted no puede importar: importe primero el registro, o corrija su ID o su cuenta
    .account = { $account } no es el ID de ninguna cuenta: indíquelo tal como lo dan las listas
REPLIES_MISSING = { $id } no tiene ningún mensaje: envíe al menos uno, o quite la fila
REPLY_SIDE_MISSING = falta by: indique si lo escribió el agente o el cliente
REPLIES_TOO_MANY = { $id } tendría { $count } mensajes, y un registro tiene { $most } como máximo: compruebe si un mismo ID designa varias conversaciones
    .import = { $most } mensajes como máximo por llamada, y hay { $count }: haga varias llamadas
CLAIM_NAMES_BOTH = indica un registro y un cliente: indique uno de los dos, o ninguno para el siguiente registro de la cuenta
CLAIM_OUT_OF_REACH = las reivindicaciones sobre la cuenta { $account } están fuera de lo que usted puede enviar: quítelas, o pida que las envíe alguien que pueda
CLAIM_WITHDRAWN = la reivindicación del { $at } se retiró ({ $why }): no la envíe
OBSERVATION_OUT_OF_REACH = { $name } está fuera de lo que usted puede enviar: quítelo, o pida que lo envíe alguien que pueda
CONTRIBUTORS_MALFORMED = contributors: “{ $text }” no designa a nadie: escriba un rol y un número de empleado o alias, sin punto y coma
    .role = contributors: “{ $text }” no es un rol: use first_answer, closer o after_sales
    .twice = contributors: { $text } aparece dos veces: indique a cada persona una sola vez por rol
    .many = contributors: hay más de los { $max } que puede tener un registro
SPLIT_NOT_WHOLE = las partes suman { $sum } y no 1000000 millonésimas: dé a cada rol su parte de modo que formen un registro entero
RECORD_CURRENCY_UNKNOWN = “{ $code }” no es una moneda de ISO 4217: escriba una, por ejemplo JPY, o déjelo vacío para la del grupo
REVISION_OUT_OF_RANGE = la revisión { $revision } supera { $most }: envíe una menor
REVISION_TWICE = están tanto revision como revised_at: envíe uno de los dos
REVISION_STALE = { $id } ya existe con la revisión { $there }, más reciente que { $sent }: envíe una revisión superior si esto es lo que cuenta
    .unsaid = { $id } ya existe con la revisión { $there }, y esta fila no indica ninguna: envíe una revisión superior si esto es lo que cuenta
RECORD_WITHDRAWN = { $id } se retiró ({ $why }): no lo envíe, o envíe una revisión superior para recuperarlo
    .already = { $id } ya está retirado ({ $why }): no queda nada por hacer
RECORD_MOVED = { $id } se movió a otra cuenta ({ $why }): envíelo para esa cuenta
    .already = { $id } se movió a otra cuenta ({ $why }): ListRecordVersions indica a cuál; si es la correcta, no queda nada por hacer
RECORD_OUT_OF_REACH = usted no puede importar { $id } en ese día: pida que lo importe quien tenía ese día el equipo de la cuenta, o el grupo
RATING_OUT_OF_RANGE = la valoración de { $rating } milésimas supera los diez puntos
MEASURE_MALFORMED = la medida “{ $name }” debe tener un nombre propio y un número decimal o un texto
ROWS_CONTRADICT = varias filas de esta llamada son { $id } y dicen cosas distintas: envíe la correcta
ID_WITH_UNSEEN = { $field } contiene el carácter { $character }, que nadie ve: elimínelo
    .here = contiene el carácter { $character }, que nadie ve: elimínelo
DIFFERENT_CONTENT = { $id } ya existe con otro contenido ({ $columns }): envíelo con una revisión superior si esto es lo que cuenta
COLUMN_DIFFERS = { $column }: { $there } allí, { $here } aquí
    .hidden = { $column }
NO_VALUE_THERE = ninguno
MOVED_TO_ITSELF = es la cuenta en la que ya está el registro: indique aquella a la que pertenece
RECORD_REFERRED_TO = el reembolso { $refund } remite a { $id }: retire primero el reembolso
REFUND_MOVES_WITH_RECORD = { $id } es un reembolso de { $other }: mueva ese registro, y sus reembolsos lo acompañan
RECORD_THERE_ALREADY = la otra cuenta tiene, o tuvo, otro registro { $id }: no se sobrescribe nada, retire el que esté mal
RECORD_RATE_MISSING = el registro { $record } de { $account } está en { $currency }, y el cálculo de atribución es anterior a que se conservaran los tipos de cambio: cierre el ciclo sin indicar ese cálculo, o inicie otro
    .on = el registro { $record } de { $account } está en { $from }, y no se conoce ningún tipo de cambio entre { $from } y { $to } el { $day }: pida que se registre uno desde ese día o antes (SetRates, con su fuente), y luego corrija de nuevo el ciclo si se publicó, o si no ciérrelo de nuevo, sin indicar ningún cálculo o con uno iniciado después: un cálculo anterior conserva los tipos de cambio que tiene
    .look = { $account } tiene ventas en { $from } desde el { $day }, y entonces no se conoce ningún tipo de cambio entre { $from } y { $to }: pida que se registre uno desde ese día o antes (SetRates, con su fuente)
RECORD_ELSEWHERE = no se puede calcular con un registro de una cuenta que no es de esta unidad ({ $why }): pida que el grupo cierre un ciclo de los mismos días, que indicará el registro, haga que se rectifique, y cierre de nuevo sin indicar ningún cálculo, o con uno iniciado después: un cálculo anterior conserva los registros y tipos de cambio que leyó
RECORD_AMOUNT_TOO_LARGE = el monto del registro { $record } de { $account } supera { $most } en unidades menores de { $to }, más de lo que se puede calcular: corrija el monto o el tipo de cambio de su día, y cierre de nuevo
SCHEDULE_UNIT_STAYS = la unidad de un cierre programado no cambia: cree otro cierre programado para otra unidad
SCHEDULE_AS_OF = un cierre programado fija cada mes quién está incluido, en el último día de ese mes: no indique el día
SCHEDULE_DAY = { $day } no es un día del mes: escriba de 1 a 31; en un mes que no lo tiene, se toma el último día
SCHEDULE_DELAY = una ejecución espera { $most } minutos como máximo entre la revisión previa y el cierre
    .dry = un cierre programado con revisión previa indica cuántos minutos después cierra, de 1 a { $most }; sin revisión previa indica 0
SCHEDULE_RUN_CLOSES = la ejecución está cerrando su ciclo: cancele en su lugar el cierre del ciclo
SCHEDULE_RUN_ENDED = la ejecución terminó: no hay nada que detener
SCHEDULE_MONTH_THERE = el mes ya se empezó: se puede empezar de nuevo una vez que su ejecución haya fallado o se haya detenido
SCHEDULE_MONTH_NOT_OVER = el mes todavía no ha terminado en la zona horaria del cierre programado: empiécelo después
SCHEDULE_THERE = el cierre programado { $schedule } dice lo mismo, y cada mes se cerraría dos veces: cambie aquel (UpdateSchedule), o dé otro nombre a este si es lo que se desea
SCHEDULE_MAKER_MAY_NOT = quien escribió por última vez el cierre programado ya no puede crear ni cerrar ciclos aquí: pida que lo escriba de nuevo alguien que pueda (UpdateSchedule), y empiece este mes a mano (BeginScheduleRun)
SCHEDULE_BEGAN = empezó { $month }, que estaba previsto para { $due }
SCHEDULE_LEFT_OUT =
    { $months ->
        [one] { $months } mes anterior quedó pendiente hace más de { $most } meses y no se cierra automáticamente: ciérrelo a mano si lo desea
       *[other] { $months } meses anteriores quedaron pendientes hace más de { $most } meses y no se cierran automáticamente: ciérrelos a mano si lo desea
    }
SCHEDULE_LOOKED =
    revisión: { $people ->
        [one] { $people } persona incluida
       *[other] { $people } personas incluidas
    }, { $accounts ->
        [one] { $accounts } cuenta
       *[other] { $accounts } cuentas
    } con { $records ->
        [one] { $records } registro
       *[other] { $records } registros
    } en torno al mes, { $findings ->
        [0] nada extraño
        [one] { $findings } hallazgo ({ $kinds })
       *[other] { $findings } hallazgos ({ $kinds })
    }
    .everybody =
        revisión: todo el grupo está incluido, { $accounts ->
            [one] { $accounts } cuenta
           *[other] { $accounts } cuentas
        } con { $records ->
            [one] { $records } registro
           *[other] { $records } registros
        } en torno al mes, { $findings ->
            [0] nada extraño
            [one] { $findings } hallazgo ({ $kinds })
           *[other] { $findings } hallazgos ({ $kinds })
        }
SCHEDULE_WAITS = no se cierra nada antes del { $until }: detenga la ejecución si hay algo que rectificar antes
SCHEDULE_WOULD_FAIL = tal como está ahora, el cierre será rechazado: { $why }; lo que llegue hasta entonces cuenta
SCHEDULE_MAY_FAIL = tal como está ahora, el cierre será rechazado si eso se atribuye a alguien de la unidad: { $why }; lo que llegue hasta entonces cuenta
SCHEDULE_AWAITS_RUN = espera un cálculo de atribución del { $from } al { $to } sobre esta unidad o una superior, iniciado una vez pasados esos días: inicie uno allí (StartAttributionRun), o cierre un ciclo allí
    .early = espera un cálculo de atribución del { $from } al { $to } sobre esta unidad o una superior: el más reciente, { $run }, empezó antes de que pasaran esos días: inicie otro allí (StartAttributionRun)
    .differs = espera un cálculo de atribución del { $from } al { $to } sobre esta unidad o una superior: el más reciente, { $run }, tiene otra política que este cierre programado: inicie uno con la política de este (StartAttributionRun), o cambie el cierre programado (UpdateSchedule)
    .part = espera un cálculo de atribución del { $from } al { $to } sobre esta unidad o una superior: el más reciente, { $run }, trata de una parte de lo que se cierra: inicie uno sobre todo ello (StartAttributionRun)
SCHEDULE_SCORES_FROM = puntúa a partir del cálculo de atribución { $run }
SCHEDULE_CLOSES = creó el ciclo { $cycle } y lo cierra
    .again = cierra de nuevo el ciclo { $cycle }, que no llegó a término
SCHEDULE_DONE =
    cerrado: { $people ->
        [one] { $people } persona tiene ficha
       *[other] { $people } personas tienen ficha
    }; de { $records ->
        [one] { $records } registro
       *[other] { $records } registros
    }, { $nobody ->
        [one] { $nobody } no se atribuye a nadie
       *[other] { $nobody } no se atribuyen a nadie
    }; { $findings ->
        [one] { $findings } hallazgo
       *[other] { $findings } hallazgos
    }; revíselo, y publíquelo si es correcto
SCHEDULE_FAILED = no llegó a término: { $why }
SCHEDULE_AGAIN = empezado de nuevo a mano
SCHEDULE_STOPPED = detenido a mano
SCHEDULE_DELETED = detenido, porque el cierre programado se eliminó
SCHEDULE_CYCLE_CANCELLED = el cierre del ciclo se canceló
OBSERVATION_WITHOUT_MEASURE = measure está vacío: indique el nombre de la medida, tal como lo usan los esquemas
OBSERVATION_WITHOUT_SUBJECT = no indica de qué trata: indique una persona, una unidad, una cuenta, una tienda o una campaña
    .id =
        el ID { $kind ->
            [person] de la persona
            [unit] de la unidad
           *[account] de la cuenta
        } no es un ID: indíquelo tal como lo dan las listas
OBSERVATION_SUBJECT_UNKNOWN =
    { $kind ->
        [person] no se conoce ninguna persona { $key }: corrija el dato, o impórtela primero
        [unit] no hay ninguna unidad { $key } en estos días ni ahora, y nadie trabajó nunca en ella: corrija la unidad, corrija los días si se cerró antes, o impórtela primero
        [account] no se conoce ninguna cuenta { $key }: corrija el dato, o impórtela primero
       *[store] no se conoce ninguna cuenta de una tienda { $key }: corrija el dato, o impórtela primero
    }
OBSERVATION_UNIT_CLOSED = la unidad { $unit } se cerró, y su último día fue el { $last }: haga que los días terminen ahí, o corrija la unidad
    .into = la unidad { $unit } se cerró, su último día fue el { $last } y su personal pasó a { $into }: haga que los días terminen ahí, y envíe para esta última lo observado desde entonces
    .later = la unidad { $unit } empieza el { $from }: corrija los días o la unidad
OBSERVATION_RESERVED = la propia suite observa “{ $measure }”: quítela, o dé otro nombre a la medida
OBSERVATION_UNIT_NOT_HERE =
    unit_id indica quién lleva una campaña, y esto trata de { $kind ->
        [person] una persona
        [unit] una unidad
        [account] una cuenta
       *[store] una tienda
    }: quítelo
OBSERVATION_WITHOUT_TIME = necesita un instante (at) o un primer día y, si son varios, un último (from, to): indique una de las dos cosas
    .date = { $field } no es una fecha: escríbala como 2026-03-31
OBSERVATION_BACKWARDS = termina el { $to }, antes de empezar el { $from }: corrija una de las dos fechas
OBSERVATION_TOO_LONG = trata del { $from } al { $to }, y ninguna observación trata de más de { $most } días: corrija los días
OBSERVATION_TIME_IMPLAUSIBLE = { $field } no está entre los años { $first } y { $last }: compruebe el año
OBSERVATION_WITHOUT_NUMBER = “{ $text }” no es un número decimal con seis decimales como máximo: corríjalo
OBSERVATION_OUT_OF_RANGE = el valor supera { $most } en positivo o en negativo: compruebe la unidad
OBSERVATION_DIFFERENT = { $name } ya existe con { $other } de { $source }, y aquí es { $value } de { $of }: envíelo con una revisión superior si esto es lo que cuenta
OBSERVATION_WITHDRAWN = { $name } se retiró ({ $why }): no lo envíe, o envíe una revisión superior para recuperarlo
SCHEME_WITHOUT_INDICATORS = se necesita al menos un indicador
NAME_TWICE = “{ $name }” aparece dos veces
WEIGHTS_NOT_HUNDRED = los pesos suman { $sum }, no 100: cámbielos para que sumen exactamente 100
WEIGHT_NOT_POSITIVE = { $weight } no es mayor que cero: quite el indicador
MEASURE_TOO_LARGE = la medida “{ $column }” del registro { $record } de { $account } es { $value }, demasiado grande para calcular: 9000000000000 como máximo en positivo o en negativo; corrija el registro, o quite el indicador del esquema
    .row = { $text } es demasiado grande para calcular: { $most } como máximo en positivo o en negativo
MEASURE_TOO_LARGE_CURE = corrija el número, o quite de scheme.yaml el indicador que mide la columna
MEASURE_UNKNOWN = “{ $measure }” no es una medida incorporada (credited_records, first_reply_within_30s, resolved, rating_at_least_4, amount) ni una columna numérica de los registros
BOUNDS_OF_NOTHING = el esquema no tiene ningún indicador “{ $kpi }”: escriba la clave de uno de los suyos
BOUNDS_BACKWARDS = el mínimo, { $min }, supera el máximo, { $max }: intercámbielos
BOUNDS_WITHOUT_OWN = el propio esquema tiene { $own }, que no está entre { $min } y { $max }: amplíe los límites para que lo esté
BOUNDS_EXTRA = { $most } no es mayor que 0 y menor que 100
REFINED_BEYOND = { $value } está fuera de lo que permite el estándar “{ $standard }”: de { $min } a { $max }
    .target = el estándar “{ $standard }” permite un número de { $min } a { $max }
REFINED_FIXED = el estándar “{ $standard }” lo fija: escriba lo que él tiene
    .value = el estándar “{ $standard }” fija { $fixed }, no { $value }
REFINED_DEFINITION = el estándar “{ $standard }” fija qué es “{ $measure }”: copie su definición tal cual
    .column = el estándar “{ $standard }” toma “{ $measure }” de la columna con ese nombre: dé otro nombre a la definición
    .extra = el estándar “{ $standard }” admite “{ $measure }” tal como la define el catálogo: quite la definición, y se copiará de allí
REFINED_MEASURE = “{ $kpi }” del estándar “{ $standard }” mide { $measure }: mida eso, o dé a este indicador una clave propia
WEIGHT_BOUND_TWICE = indique weight, from y to, o bien weight_within, la diferencia admitida en más o en menos: no ambas cosas
WEIGHT_BOUND_BELOW_0 = una diferencia en más o en menos se indica con un número mayor o igual que 0
WEIGHT_BOUND_TOO_LARGE = es más de lo que se puede calcular: indique 100 como máximo
REFINED_LEFT_OUT = falta “{ $kpi }”, y el estándar “{ $standard }” no permite omitirlo
REFINED_EXTRA = “{ $kpi }” no es un indicador del estándar “{ $standard }”, que no admite ninguno además de los suyos
REFINED_EXTRA_MEASURE = “{ $measure }” no está entre lo que pueden medir los indicadores adicionales a los del estándar “{ $standard }”: { $measures }
REFINED_EXTRA_SHARE = los indicadores adicionales a los del estándar “{ $standard }” pesan { $sum }, y este admite { $most } como máximo entre todos
SCHEME_PARENT_NOT_ABOVE = un esquema adapta uno del grupo o de una unidad superior a la suya: indique uno así, o ninguno
SCHEME_WITHDRAWN = el esquema “{ $name }” deja de estar vigente el { $from }: tome otro, o cree uno con otro nombre
    .version = la versión { $version } de “{ $name }” deja de estar vigente el { $from }: tome otra versión
    .version_none = la versión { $version } de “{ $name }” deja de estar vigente el { $from }, y ninguna otra lo está entonces: tome otro esquema, o pida que se redacte una versión nueva
    .version_for = la versión { $version } de “{ $name }” deja de estar vigente el { $from }: tome la versión { $instead }
    .parent = la versión de “{ $name }” que adapta el esquema no está vigente desde el { $from }: adapte otra versión, u otro esquema
    .parent_none = la versión de “{ $name }” que adapta el esquema no está vigente desde el { $from }, y tampoco ninguna otra: adapte otro esquema, o ninguno
    .parent_for = la versión de “{ $name }” que adapta el esquema no está vigente desde el { $from }: adapte la versión { $version }
SCHEME_WITHDRAWN_ALREADY = eso ya deja de estar vigente el { $from }
SCHEME_NOT_INSTEAD = la versión { $version } no se puede usar en su lugar: indique otra versión del esquema que esté vigente, y solo si se retira una única versión
SCHEME_IMPORTED = el esquema vino de { $region } y se redacta allí: cámbielo allí e importe de nuevo el archivo
SCHEME_OF_A_UNIT = el esquema pertenece a una unidad y permanece en su región: exporte un esquema del grupo
STANDARD_DIFFERS = la versión { $version } de “{ $name }” está aquí con otro contenido: las versiones nunca cambian, así que pregunte a la instancia que lo redacta cuál es la correcta
    .withdrawal = “{ $name }” deja de estar vigente aquí en otro día: pregunte a la instancia que lo redacta cuál es el correcto
STANDARD_NOT_FROM = el esquema no lo redacta la instancia de { $region }: importe el archivo de la instancia que lo redacta
SCHEME_NAME_TAKEN = el grupo tiene aquí otro esquema con el nombre “{ $name }”: dé otro nombre al estándar allí donde se redacta
SCHEME_NAME_UNKNOWN = el grupo no tiene aquí ningún esquema con el nombre “{ $name }”: ListSchemes indica los nombres
STANDARD_IMPORTED = “{ $name }” de { $region }: la versión { $version } es la más reciente; nuevas: { $written }, sin cambios: { $unchanged }
STANDARD_MANDATORY = un esquema debe adaptar aquí uno de los estándares obligatorios: indique uno de ellos como parent: { $standards }
TARGET_MISSING = se necesita un número o team_median
TARGET_NOT_POSITIVE = { $target } no es mayor que cero
FLOOR_NOT_BELOW_CAP = el mínimo { $floor } no es menor que el tope { $cap }
SMALL_SAMPLE_NOT_HERE = solo las tasas y las medias se pueden acercar al promedio
QUOTAS_NOT_WHOLE = las cuotas deben sumar exactamente 1000000 millonésimas
BANDS_OUT_OF_ORDER = escriba las bandas empezando por la mejor, sin más puntos para una peor
BANDS_NOT_HERE = las bandas solo corresponden a forced_distribution
GRADES_OUT_OF_ORDER = escriba las calificaciones empezando por la mejor, cada una con un min_score menor
GRADES_MIXED = dé a cada calificación un min_score, o a cada calificación una cuota
MEASURE_OF_EXPECTED = indique de dónde se toma la medida: record, observation, ratio, sum, repeat, trend o team
AGGREGATION_EXPECTED = indique cómo se reducen los valores a uno, con una agregación que esta versión conozca
OBSERVED_OF_EXPECTED = indique de qué es la observación: una persona, una unidad, una cuenta, una tienda o una campaña
MEASURES_DEFINED_TOO_MANY = un esquema define { $most } medidas como máximo: quite las que ningún indicador usa
MEASURE_BUILT_IN = “{ $name }” es una medida incorporada: dé otro nombre a la definición
MEASURE_VALID_BACKWARDS = el primer día, { $from }, es posterior al último, { $to }: intercámbielos
MEASURE_VALUE_MISSING = se necesita un valor de los registros: first_reply_seconds, duration_seconds, resolved, rating, amount, o una columna de números
MEASURE_OF_RESOLVED = resolved es sí o no: tome su proporción, o cuente los registros
MEASURE_COLUMN_UNKNOWN = “{ $column }” no es una columna numérica de los registros
MEASURE_TEST_MISSING = se necesita un umbral: at_most, at_least, below, above o equal
MEASURE_TEST_NOT_HERE = un umbral corresponde a una proporción, o a un recuento de registros o clientes según un valor: quítelo
MEASURE_HOURS_EMPTY = el horario empieza y termina a la misma hora: quítelo para contar todo el día
MEASURE_HOURS_NOT_HERE = dentro de un horario solo se pueden contar segundos, los de first_reply_seconds o duration_seconds: cuente los registros que empiezan en él
MEASURE_SESSION_TOO_LONG = una sesión tiene pausas de { $most } minutos como máximo
MEASURE_SESSION_NOT_HERE = una suma toma cada registro, y los clientes se cuentan de todos modos una sola vez: quite la sesión
MEASURE_ADDS_NOT_UP = “{ $measure }” no es un recuento ni una suma, así que no se puede dividir nada entre ella ni dividirla: indique una que se sume
MEASURE_SUM_EMPTY = se necesita al menos una medida que sumar
MEASURE_FACTOR_ZERO = un factor de 0 elimina la medida: quítela
MEASURE_COUNT_EXPECTED = “{ $measure }” no es un recuento de registros que defina el esquema: una repetición se busca entre registros
MEASURE_DAYS_BEYOND = una repetición se busca dentro de 1 a { $most } días
MEASURE_PART_UNKNOWN = “{ $measure }” no está definida en el esquema ni incorporada: defínala también, o corrija el nombre
MEASURE_OF_ITSELF = “{ $measure }” se calcula a partir de sí misma: quítela de aquello con lo que se calcula
MEASURE_NAME_RESERVED = los nombres que empiezan por “{ $prefix }” pertenecen a las medidas que todos tienen: elija otro nombre
MEASURE_NAME_TAKEN = ya hay una medida con el nombre “{ $name }”: cambie esa, o elija otro nombre
MEASURE_NAME_FIXED = la medida se llama “{ $name }” y así se queda: defina otra con el nombre nuevo, y retire esta
MEASURE_RETIRED = retiradas del catálogo: { $measures }. Indique otra medida, defina una con ese nombre en el propio esquema, o vuelva a ponerla en uso (UpdateMeasure)
MEASURE_RETIRED_ALREADY = “{ $name }” ya está retirada
MEASURE_NEEDED = otras medidas del catálogo se calculan a partir de “{ $name }” y dejarían de ser válidas: cambie o retire primero estas: { $by }
SUPPLIED_MEASURE =
    { $key ->
        [first_reply_seconds] Segundos hasta la primera respuesta
        [presale_first_reply_within_30s] Primera respuesta en 30 s antes de la venta
        [aftersale_resolved] Resueltos después de la venta
        [handling_seconds] Segundos por conversación
        [rating] Valoración
        [solved] Registros resueltos
        [customers] Clientes
        [buyers] Clientes que compraron
        [orders] Pedidos
        [presale_records] Registros antes de la venta
        [conversion] Conversión
        [order_value] Valor de un pedido
        [repeat_purchase_30d] Compra repetida en 30 días
        [second_conversion_7d] Conversión en los 7 días posteriores a un primer contacto
        [complaints] Quejas
        [complaint_rate] Tasa de quejas
       *[other] { $key }
    }
SCHEME_TEMPLATE_UNKNOWN = no hay ningún esquema de partida con el nombre “{ $name }”: elija uno de { $names }
TEMPLATE_TITLE =
    { $name ->
        [agent] Agentes de atención al cliente
        [operations] Operación de tiendas
       *[service-manager] Responsables de atención al cliente
    }
TEMPLATE_ABOUT =
    { $name ->
        [agent] Para quienes atienden a clientes: trabajo realizado, primera respuesta, resolución, valoración, conversión, controles de calidad y puntualidad
        [operations] Para quienes llevan tiendas: visitantes, conversión, ventas de campaña, costo por pedido y crecimiento, todo por observación; no se necesitan registros de servicio
       *[service-manager] Para quienes dirigen a agentes, en cuatro dimensiones: calidad del servicio, equipo, negocio e innovación
    }
NOBODY_TO_SCORE = no hay nadie que puntuar: el período no contiene ningún registro atribuido
PERSON_TWICE = la persona { $person } aparece dos veces
SCHEME_WITHOUT_DATA = no se pudo puntuar ningún indicador de nadie, por falta de datos, o porque la mediana que sería la meta no es mayor que cero (cada ficha indica cuál es el caso)
SCHEME_WITHOUT_DATA_CURE = elija indicadores y metas que se ajusten a los registros
MEASURE_NOT_SENT =
    nadie tiene datos de “{ $measure }”, así que su indicador no cuenta para nadie: { $what ->
        [records] no hay ningún registro de los tipos y horarios que considera
        [known] envíe { $column } con los registros de servicio
       *[column] envíe la columna { $column } con los registros de servicio
    }
    .observation = nadie tiene datos de “{ $measure }”, así que su indicador no cuenta para nadie: envíe observaciones de ella para el período
    .past = nadie tiene un valor anterior de “{ $of }”, así que el indicador de “{ $measure }” no cuenta para nadie: contará cuando se publique un ciclo anterior de este esquema, de un período de la misma duración
    .team = nadie tiene datos de “{ $measure }”, así que su indicador no cuenta para nadie: nadie de un equipo con responsable tiene datos de { $of }
OBSERVATIONS_BEYOND_PERIOD =
    { $count ->
        [one] una observación de “{ $measure }” sobrepasa
       *[other] { $count } observaciones de “{ $measure }” sobrepasan
    } el período del { $from } al { $to } y { $count ->
        [one] no cuenta
       *[other] no cuentan
    }: una observación cuenta en un período que contiene todos sus días
OBSERVATIONS_UNREAD =
    { $count ->
        [one] una observación de “{ $measure }” en el período no cuenta
       *[other] { $count } observaciones de “{ $measure }” en el período no cuentan
    }: ningún indicador de este esquema lee la medida, ni ninguno de otro esquema vigente
    .near =
        { $count ->
            [one] una observación de “{ $measure }” en el período no cuenta
           *[other] { $count } observaciones de “{ $measure }” en el período no cuentan
        }: ningún indicador de este esquema lee la medida, ni ninguno de otro esquema vigente (¿quiso decir { $near }?)
INDICATOR_TOO_LARGE = el indicador { $indicator } no cuenta para nadie, porque el valor de { $people } es demasiado grande para calcular
    .apart = el indicador { $indicator } no cuenta para nadie, porque sus valores están demasiado alejados entre sí para calcular
INDICATOR_TOO_LARGE_CURE = compruebe la moneda y la unidad de los montos y medidas, o quite el indicador de scheme.yaml
NUMBER_TOO_LARGE = la puntuación de la persona { $person } es demasiado grande para calcular: revise los mínimos y topes del esquema
    .grades = las cuotas de las calificaciones son demasiado grandes para calcular: redúzcalas
    .unit = los valores de la unidad { $unit } son demasiado grandes para calcular: revise las fichas de su personal
    .pool = el dinero o las partes de la bolsa son demasiado grandes para calcular: revise el monto y la regla
    .part = los pesos de la parte { $place } de la bolsa son demasiado grandes para calcular: revise las puntuaciones y la regla
    .person = la puntuación de la persona { $person } es demasiado grande para calcular en la parte { $place } de la bolsa: revise la puntuación y la regla
CARD_MEASURE =
    { $measure ->
        [credited_records] Registros atribuidos
        [first_reply_within_30s] Primera respuesta en 30 s
        [resolved] Resueltos
        [rating_at_least_4] Valoración de al menos 4 de 5
        [amount] Monto de ventas
       *[other] { $kpi }
    }
CARD_DEFINED = { $name } ({ $what })
CARD_VALUE =
    { $kind ->
        [records] { $value } registros
        [customers] { $value } clientes
        [percent] { $value } %
        [own] { $value } { $unit }
        [standard]
            { $value } { $unit ->
                [points] puntos
               *[currency] { $unit }
            }
       *[bare] { $value }
    }
CARD_LINE_DROPPED =
    { $name }: { $why ->
        [nobody] nadie tiene datos en el período, así que se excluye para todos
        [person] no hay datos de esta persona, así que se excluye aquí
        [too_large] el valor es demasiado grande para calcular, así que se excluye para todos
        [past] esta persona no tiene un valor anterior distinto de 0 con el que compararse, así que se excluye aquí
        [too_large_elsewhere] el valor de otra persona es demasiado grande para calcular, o los valores del grupo están demasiado alejados entre sí, así que se excluye para todos
       *[target] la mediana que sería su meta no es mayor que cero, así que se excluye
    }, y su peso de { $weight } se reparte en proporción entre los demás indicadores.
CARD_AGAINST = { $value } frente a { $past }
CARD_PAST = { $measure } de { $values }
CARD_PAST_VALUE = { $value } del { $from } al { $to }
CARD_LINE_NOT_SCORED = { $name }: sin puntuar.
CARD_LINE =
    { $name }: { $measured }{ $filled }; { $points }{ $limit ->
        [cap] { " " }(el tope)
        [floor] { " " }(el mínimo)
       *[none] { "" }
    }; multiplicado por el peso de { $weight } %{ $spread ->
        [yes] { " " }({ $scheme_weight } en el esquema, y una parte de lo que dejaron los indicadores excluidos)
       *[no] { "" }
    }, resulta { $weighted }.
CARD_MEASURED = { $value } en { $records } registros
CARD_NOT_MEASURED = no medido
CARD_SMALL_SAMPLE = ; por debajo de { $below } registros, los que faltan cuentan como el promedio ({ $group }), de lo que resulta { $adjusted }
CARD_POINTS_BY_TARGET =
    frente a la meta de { $target } ({ $basis ->
        [scheme] fijada por el esquema
        [team] mediana de las { $people } personas del equipo
       *[group] mediana de las { $people } personas en total, por ser el equipo demasiado pequeño
    }), son { $points } puntos
CARD_POINTS_BY_PLACE =
    { $by ->
        [target] por la meta
        [min_max] por el lugar entre el peor y el mejor resultado del grupo
        [percentile] por el porcentaje del grupo que no es mejor
        [t_score] por la distancia a la media del grupo en desviaciones estándar
       *[band] por la banda del lugar en el grupo
    }, son { $points } puntos
CARD_CHANGE =
    { $kind ->
        [rate_more] { $step } punto porcentual más
        [rate_less] { $step } punto porcentual menos
        [records_more] { $step } registro atribuido más
        [records_fewer] { $step } registro atribuido menos
        [more] { $amount } más
       *[less] { $amount } menos
    }
CARD_NEXT =
    { $effect ->
        [capped] { $change } no agregaría nada: se alcanzó el tope.
        [nothing] { $change } por sí solo no agregaría nada.
       *[points] { $change } agregaría { $gain } puntos.
    }
CARD_SUMMARY = Puntuación { $score }, posición { $rank } de { $of }{ $grade }{ $collaboration }.
CARD_GRADE = , calificación { $grade }
CARD_COLLABORATION = ; de ellos, { $points } puntos por colaboración: { $outside } de { $credited } registros fueron ajenos al turno o al equipo propio
DEFINED =
    { $what }{ $few ->
        [yes] , a partir de { $min_count }
       *[no] { "" }
    }{ $valid ->
        [between] , del { $from } al { $to }
        [from] , a partir del { $from }
        [to] , hasta el { $to }
       *[ever] { "" }
    }
DEFINED_RECORDS =
    { $aggregation ->
        [mean] media: { $value }
        [sum] suma: { $value }
        [share] porcentaje de registros con { $value } { $test }
        [count] número de registros
        [count_of] número de registros con { $value } { $test }
        [distinct] número de clientes
       *[distinct_of] número de clientes de registros con { $value } { $test }
    }{ $kinds }{ $hours }{ $session }
DEFINED_VALUE =
    { $value ->
        [first_reply_seconds] los segundos hasta la primera respuesta
        [duration_seconds] los segundos de principio a fin
        [resolved] el problema resuelto
        [rating] la valoración
        [amount] el monto de ventas
       *[column] { $value }
    }
DEFINED_GIVEN = indicado
DEFINED_TEST =
    { $is ->
        [at_most] { $threshold } como máximo
        [at_least] { $threshold } como mínimo
        [below] por debajo de { $threshold }
        [above] por encima de { $threshold }
       *[equal] igual a { $threshold }
    }
DEFINED_KINDS = , del tipo { $kinds }
DEFINED_HOURS =
    , { $counts ->
        [begun] con inicio
       *[inside] contando el tiempo
    } de { $from } a { $to }
DEFINED_SESSION =
    , el primero de cada sesión con pausas de { $minutes ->
        [one] { $minutes } minuto
       *[other] { $minutes } minutos
    } como máximo
DEFINED_OBSERVATION =
    { $aggregation ->
        [sum] la suma
        [mean] la media
       *[last] el último valor
    } de lo observado de { $subject ->
        [person] la persona
        [unit] la unidad organizativa
        [account] la cuenta
        [store] la tienda
       *[campaign] la campaña
    }
DEFINED_RATIO =
    { $of } / { $per }{ $percent ->
        [yes] { " " }en porcentaje
       *[no] { "" }
    }
DEFINED_SUM = la suma de { $parts }
DEFINED_PART = { $factor } × { $of }
DEFINED_REPEAT =
    el porcentaje de { $of } cuyo cliente había tenido { $after } en { $days ->
        [one] el { $days } día anterior
       *[other] los { $days } días anteriores
    }
DEFINED_TREND = la diferencia porcentual de { $of } respecto al pasado de la propia persona
DEFINED_TEAM =
    { $aggregation ->
        [mean] la media de { $of } en el equipo tal como era cada día
        [share] el porcentaje del equipo, tal como era cada día, con { $of } { $test }
       *[sum] la suma de { $of } en el equipo tal como era cada día
    }
CARD_CHANGED = Antes: { $before } Ahora: { $after }
CARD_CAME = Ahora hay una ficha: { $after }
CARD_WENT = Ya no hay ficha. Antes: { $before }
CARD_CREDITED_CHANGED = Registros atribuidos: { $before } antes; { $after } ahora.
CARD_LINE_CHANGED = { $name }: { $before } antes; { $after } ahora.
CARD_LINE_CAME = { $name }: ahora cuenta: { $after }.
CARD_LINE_WENT = { $name }: ya no cuenta: { $before } antes.
CARD_STANDING = { $measured }, { $points } puntos, con el peso de { $weight } % { $weighted }
    .dropped = { $measured }, sin puntuar
CARD_WORKED_OUT_ANEW = La puntuación es la misma; se recalculó con otros números.
LADDER_REFUND = { $refund } es un reembolso de { $sale }: sigue la atribución de ese registro y reduce su monto
LADDER_BEGAN =
    Empezó el { $at } en { $account }, { $phase ->
        [shared] ese día una cuenta compartida
        [mixed] ese día en paso de compartida a nominativa
       *[named] ese día una cuenta nominativa
    }.
LADDER_TAG_NONE = Etiqueta: la plataforma no nombró a nadie.
LADDER_TAG_UNKNOWN = Etiqueta: la plataforma nombró a “{ $agent }”, que no corresponde a ninguna persona con empleo ese día, o a más de una.
LADDER_TAG = Etiqueta: la plataforma nombró a “{ $agent }”, es decir, { $person }: el registro le corresponde.
LADDER_NAMED_WITHOUT = En una cuenta nominativa solo cuentan las etiquetas y los traspasos, y no había ninguno: no se atribuye a nadie.
LADDER_DUTY_NONE = Servicio: nadie tenía la cuenta ni estaba de servicio en ese momento.
LADDER_DUTY = Servicio: { $list }.
LADDER_DUTY_ANSWERED = Servicio al responder: { $list }.
    .unheld = Servicio: nadie tenía la cuenta ni estaba de servicio al empezar; al responder, { $list }.
LADDER_ON_DUTY =
    { $person } { $rule ->
        [handover] la tenía por traspaso
        [roster] tenía turno en ella
        [punch] de su equipo había marcado entrada
       *[team] es de su equipo
    }, de { $from } a { $to } [{ $evidence }]
LADDER_SHARES = { $before }, { $share }
LADDER_BY_SESSION = Otro registro de la sesión del mismo cliente nombra a su agente, así que este lo sigue: { $shares }.
LADDER_BY_TAG = Atribuido por la etiqueta: { $shares }.
LADDER_BY_HANDOVER = Una sola persona tenía la cuenta por traspaso: { $shares }.
LADDER_SOLE = Una sola persona estaba de servicio: { $shares }.
LADDER_INFERRED = Varias personas estaban de servicio; quién estaba ocupado con otros registros, y cómo trabaja cada cual, permite distinguirlas: { $shares }.
LADDER_EQUAL = Varias personas estaban de servicio y hay muy poco para distinguirlas, así que comparten por igual: { $shares }.
LADDER_TEAM = No hay ningún indicio de servicio en la cuenta, así que comparte su equipo: { $shares }.
LADDER_NOBODY = Por eso no se atribuye a nadie.
LADDER_CONTRIBUTORS = Colaboradores: { $list }.
LADDER_CONTRIBUTOR =
    { $role ->
        [first_answer] respondió primero
        [closer] cerró la venta
       *[after_sales] atendió la posventa
    }: “{ $agent }”, es decir, { $person }
LADDER_CONTRIBUTOR_UNKNOWN =
    { $role ->
        [first_answer] respondió primero
        [closer] cerró la venta
       *[after_sales] atendió la posventa
    }: “{ $agent }”, que no corresponde a ninguna persona con empleo ese día, o a más de una
LADDER_SPLIT = Atribuido por rol, según la regla “{ $version }”: primera respuesta { $first_answer }, cierre { $closer }, posventa { $after_sales }; la parte de un rol que nadie desempeñó va a los demás en proporción: { $shares }.
LADDER_BY_SPLIT = Atribuido por rol: { $shares }.
LADDER_BY_CLAIM = Se reivindicó con un clic: { $shares }.
LADDER_CLICKED = { $person } hizo clic el { $at }.
LADDER_BY_DEVICE = Se atendió en el dispositivo { $device }, que entonces era de una sola persona: { $shares }.
LADDER_BY_REPLIES = Varias personas estaban de servicio, cada una con varias conversaciones a la vez; las horas de las respuestas permiten distinguirlas: { $shares }.
LADDER_BY_TAG_SHARE = Varias personas estaban de servicio, cada una con varias conversaciones a la vez; comparten como los registros cercanos en el tiempo que nombran a su agente: { $shares }.
LADDER_NOT_SPLIT = La política no da parte a los roles nombrados: el registro se atribuye como si no nombrara colaboradores.
LADDER_WORTH = En esta cuenta se espera que alrededor de { $now } de los registros se atribuyan a otra persona; con las pausas marcadas, alrededor de { $breaks }; con dispositivos en el 30 % de las respuestas, alrededor de { $devices }; con la mitad de los registros reivindicada, alrededor de { $claims }. Es lo que se espera según las dudas de este mes, no una promesa.
WHY = { $first } ({ $part } %) y no { $second } ({ $rest } %): { $what }.
WHY_AGAINST =
    { $why } { $sign ->
        [hands] La pausa desde la última respuesta apuntaba a { $second }.
        [thread] La conversación hasta entonces apuntaba a { $second }.
        [profile] El tipo de respuesta apuntaba a { $second }.
       *[device] El dispositivo apuntaba a { $second }.
    }
WHY_SOMEBODY = otra persona
WHY_SECONDS =
    { $count ->
        [one] { $count } segundo
       *[other] { $count } segundos
    }
WHY_MINUTES =
    { $count ->
        [one] { $count } minuto
       *[other] { $count } minutos
    }
WHY_HOURS =
    { $count ->
        [one] { $count } hora
       *[other] { $count } horas
    }
WHY_DAYS =
    { $count ->
        [one] { $count } día
       *[other] { $count } días
    }
WHY_HANDS = { $one }, { $other }
    .short = { $one }, { $other }, apenas tiempo para otra respuesta
    .usual = { $one }, { $other }, y una pausa así es más habitual en { $first }
WHY_WROTE = { $who } había respondido por última vez { $pause } antes
WHY_NOT_YET = { $who } había entrado de servicio { $pause } antes y aún no había respondido
WHY_THREAD = { $first } probablemente había respondido a este cliente { $pause } antes
WHY_PROFILE = { $first } responde más a menudo que { $second } a clientes que han esperado { $wait }
    .first = { $first } da más a menudo que { $second } la primera respuesta a clientes que han esperado { $wait }
    .again = { $first } escribe más a menudo que { $second } otra vez { $wait } después de una respuesta, sin un mensaje nuevo del cliente
    .unasked = { $first } escribe más a menudo que { $second } a clientes que aún no han escrito
WHY_WAIT =
    { $class ->
        [0] menos de 5 minutos
        [1] de 5 a 20 minutos
        [2] de 20 a 60 minutos
        [3] de 1 a 4 horas
        [4] de 4 a 24 horas
       *[other] más de un día
    }
WHY_DEVICE = el dispositivo en que se escribió es el de { $first }
    .same = { $first } probablemente había escrito antes en el mismo dispositivo
WHY_DUTY = de sus { $all } respuestas, { $first } estaba de servicio en { $count }, { $second } en { $other }
WHY_NAMES = de los registros a menos de una hora que nombran a su agente y en los que estaban de servicio, { $first } tiene { $count } de { $all } y { $second } { $other } de { $others }
    .all = de los registros de la cuenta que nombran a su agente y en los que estaban de servicio, { $first } tiene { $count } de { $all } y { $second } { $other } de { $others }
WHY_TOGETHER = ningún indicio decide por sí solo, sino todas las respuestas cercanas en conjunto
WHY_TOO_FEW_REPLIES = Nada permite distinguirlas: muy pocos registros de la cuenta tienen horas de respuestas de las que aprender.
WHY_TOO_DENSE = Nada permite distinguirlas: en esta cuenta las respuestas llegan demasiado seguidas para guiarse solo por sus horas, y muy pocos registros llevan nombre, están reivindicados o se escribieron en dispositivos conocidos.
WHY_CLOCK_WITHOUT_SECONDS = Nada permite distinguirlas: las horas de las respuestas de la cuenta no tienen segundos fiables.
WHY_NO_REPLY_TIMES = Nada permite distinguirlas: cada persona puede llevar varias conversaciones a la vez, y no se conoce ninguna respuesta a esta que se escribiera mientras estaban de servicio.
CREDIT_ACCOUNT_UNKNOWN =
    { $records ->
        [one] se omitió { $records } registro de una cuenta que el control de asistencia no conoce
       *[other] se omitieron { $records } registros de una cuenta que el control de asistencia no conoce
    }
CREDIT_UNKNOWN_AGENT =
    { $records ->
        [one] { $records } registro nombra al agente “{ $agent }”, que no corresponde a ninguna persona con empleo ese día, o a más de una: cuenta como sin nombre
       *[other] { $records } registros nombran al agente “{ $agent }”, que no corresponde a ninguna persona con empleo esos días, o a más de una: cuentan como sin nombre
    }
CREDIT_NO_EVIDENCE =
    no hay ningún plan de turnos, marcación ni traspaso: su equipo comparte { $records ->
        [one] { $records } registro
       *[other] { $records } registros
    }
CREDIT_NOBODY_ON_DUTY =
    { $records ->
        [one] { $records } registro llegó cuando nadie estaba de servicio: no se atribuye a nadie
       *[other] { $records } registros llegaron cuando nadie estaba de servicio: no se atribuyen a nadie
    }
CREDIT_TAG_OFF_DUTY =
    { $records ->
        [one] { $records } registro nombra
       *[other] { $records } registros nombran
    } a { $person }, que no estaba de servicio en ese momento: cuenta el nombre
CREDIT_NAMED_WITHOUT_AGENT =
    { $records ->
        [one] { $records } registro de una cuenta nominativa no nombra a nadie: no se atribuye a nadie, salvo por traspaso
       *[other] { $records } registros de una cuenta nominativa no nombran a nadie: no se atribuyen a nadie, salvo por traspaso
    }
CREDIT_MIXED_WITHOUT_TAG =
    { $records ->
        [one] { $records } registro de una cuenta mixta no nombra a nadie: se atribuye como en una compartida
       *[other] { $records } registros de una cuenta mixta no nombran a nadie: se atribuyen como en una compartida
    }
CONTRIBUTOR_UNKNOWN =
    { $records ->
        [one] { $records } colaboración es de “{ $agent }”, que no corresponde a ninguna persona con empleo ese día, o a más de una: su parte va a los demás colaboradores
       *[other] { $records } colaboraciones son de “{ $agent }”, que no corresponde a ninguna persona con empleo esos días, o a más de una: sus partes van a los demás colaboradores
    }
CREDIT_CONTRIBUTOR_OFF_DUTY =
    { $records ->
        [one] { $records } registro nombra como colaborador a { $person }, que no estaba de servicio cuando empezó
       *[other] { $records } registros nombran como colaborador a { $person }, que no estaba de servicio cuando empezaron
    }: cuenta el nombre
CREDIT_CONTRIBUTORS_NOT_SPLIT =
    { $records ->
        [one] { $records } registro nombra colaboradores, y la política no da parte a sus roles: se conservan, y el registro se atribuye como si no nombrara a ninguno
       *[other] { $records } registros nombran colaboradores, y la política no da parte a sus roles: se conservan, y los registros se atribuyen como si no nombraran a ninguno
    }
CREDIT_TOO_FEW_TO_INFER =
    { $records ->
        [one] { $records } registro tuvo a varias personas de servicio, muy poco para deducir: compartido por igual
       *[other] { $records } registros tuvieron a varias personas de servicio, muy pocos para deducir: compartidos por igual
    }
CREDIT_DID_NOT_SETTLE = la deducción sobre { $records } registros no se estabilizó: compartidos por igual
CREDIT_SEVERAL_AT_ONCE =
    { $records ->
        [one] { $records } registro tuvo a varias personas de servicio que llevan varias conversaciones a la vez: compartido por igual
       *[other] { $records } registros tuvieron a varias personas de servicio que llevan varias conversaciones a la vez: compartidos por igual
    }
CREDIT_TOO_FEW_REPLIES =
    { $records ->
        [one] { $records } registro con las horas de sus respuestas es muy poco
       *[other] { $records } registros con las horas de sus respuestas son muy pocos por persona
    } para distinguir a quienes llevan varias conversaciones a la vez: se comparte por igual entre quienes estaban de servicio en cada respuesta
CREDIT_REPLIES_TOO_DENSE =
    { $records ->
        [one] { $records } registro es
       *[other] { $records } registros son
    } de una cuenta en la que las respuestas llegan tan seguidas que sus horas por sí solas no distinguen a las personas, y de menos de una décima parte de las respuestas consta de quién son: se comparte por igual entre quienes estaban de servicio en cada respuesta
CREDIT_EVIDENCE_UNEVEN =
    { $records ->
        [one] { $records } registro no indica de quién es
       *[other] { $records } registros no indican de quién son
    }, en una cuenta en la que algunas personas firman, reivindican o escriben en dispositivos conocidos mucho más de lo suyo que otras, { $person } menos que nadie: ponderado según cuánto deja cada cual sin indicar
    .equal =
        { $records ->
            [one] { $records } registro no indica de quién es
           *[other] { $records } registros no indican de quién son
        }, en una cuenta en la que algunas personas reivindican o escriben en dispositivos conocidos mucho más de lo suyo que otras, { $person } menos que nadie: se comparte por igual, lo que es muy poco para { $person } si trabaja tanto como las demás
CREDIT_CLOCK_WITHOUT_SECONDS =
    más de una décima parte de las respuestas a { $records ->
        [one] { $records } registro cae
       *[other] { $records } registros cae
    } en un minuto exacto, así que su reloj no es fiable: se comparte por igual entre quienes estaban de servicio en cada respuesta
CREDIT_CLAIM_OFF_DUTY =
    { $person } reivindicó { $records ->
        [one] { $records } conversación sin estar de servicio: la reivindicación no cuenta
       *[other] { $records } conversaciones sin estar de servicio: las reivindicaciones no cuentan
    }
CREDIT_CLAIM_WITHOUT_RECORD =
    { $person } reivindicó { $records ->
        [one] { $records } conversación de la que no hay registro: la reivindicación no cuenta
       *[other] { $records } conversaciones de las que no hay registro: las reivindicaciones no cuentan
    }
CREDIT_CLAIMS_DIFFER =
    { $person } reivindicó { $record } el { $at }, y { $second } lo había reivindicado el { $before }: ninguna de las dos reivindicaciones decide{ $more ->
        [0] { "" }
        [one] . Lo mismo ocurre con { $more } registro más de ese día
       *[other] . Lo mismo ocurre con { $more } registros más de ese día
    }
    .tag =
        { $person } reivindicó { $record } el { $at }, y la plataforma nombró para él a { $second }: cuenta el nombre{ $more ->
            [0] { "" }
            [one] . Lo mismo ocurre con { $more } registro más de ese día
           *[other] . Lo mismo ocurre con { $more } registros más de ese día
        }
CREDIT_DEVICE_OFF_DUTY =
    el dispositivo { $device } de { $person }, que no estaba entonces de servicio, se usó { $records ->
        [one] una vez
       *[other] { $records } veces
    }: no cuenta
    .there =
        el dispositivo { $device } de { $person }, que estaba entonces de servicio para { $place }, se usó { $records ->
            [one] una vez
           *[other] { $records } veces
        }: no cuenta
    .elsewhere =
        el dispositivo { $device } de alguien que nunca estuvo de servicio aquí se usó { $records ->
            [one] una vez
           *[other] { $records } veces
        }: no cuenta
DEVICE_BOUND_TO_SEVERAL = desde el { $from }, el dispositivo { $device } es de varias personas o estaciones a la vez: se conserva, y lo que se escriba entonces en él no indica nada
    .ever = el dispositivo { $device } es desde el principio de varias personas o estaciones a la vez: se conserva, y lo que se escriba entonces en él no indica nada
CREDIT_DEVICE_OF_SEVERAL =
    el dispositivo { $device } es a la vez de { $more ->
        [0] { $first } y de { $second }
        [one] { $first }, de { $second } y de { $more } persona más
       *[other] { $first }, de { $second } y de { $more } personas más
    }, y se usó { $records ->
        [one] una vez
       *[other] { $records } veces
    }: no cuenta
    .beyond =
        el dispositivo { $device } es de { $person } y al mismo tiempo de alguien que nunca estuvo de servicio aquí, y se usó { $records ->
            [one] una vez
           *[other] { $records } veces
        }: no cuenta
    .unknown =
        el dispositivo { $device } es de varias personas a la vez, y se usó { $records ->
            [one] una vez
           *[other] { $records } veces
        }: no cuenta
DEVICE_OF_NOBODY =
    { $devices ->
        [one] el dispositivo { $device }, que no está vinculado a nadie, se usó
       *[other] { $devices } dispositivos que no están vinculados a nadie, por ejemplo { $device }, se usaron
    } { $records ->
        [one] una vez
       *[other] { $records } veces
    }: eso solo indica qué escribieron las mismas manos
    .near =
        el dispositivo { $device }, que no está vinculado a nadie, se usó { $records ->
            [one] una vez
           *[other] { $records } veces
        }, y { $near }, que sí lo está, ninguna: ¿es este el que se quería indicar?
    .seat =
        el dispositivo { $device } de la estación { $seat } se usó { $records ->
            [one] una vez
           *[other] { $records } veces
        } mientras nadie tenía turno en esa estación: entonces no era de nadie
    .ended =
        el dispositivo { $device } se usó { $records ->
            [one] una vez
           *[other] { $records } veces
        } después del { $to }, el último día de su vinculación: entonces no era de nadie
    .coming =
        el dispositivo { $device } se usó { $records ->
            [one] una vez
           *[other] { $records } veces
        } antes del { $from }, el primer día de su vinculación: entonces no era de nadie
EVIDENCE_NOT_READ = la versión { $version } de la política no tiene en cuenta reivindicaciones, dispositivos ni horas de mensajes. Para el mes, la cuenta tiene: reivindicaciones, { $claims }; registros con horas de mensajes, { $replies }; dispositivos que nombran los registros o los mensajes, { $devices }
CREDIT_REPLY_OUTSIDE_RECORD =
    { $records ->
        [one] { $records } respuesta es anterior al inicio o posterior al fin de su registro: no cuenta
       *[other] { $records } respuestas son anteriores al inicio o posteriores al fin de su registro: no cuentan
    }
BREAKS_NOT_PUNCHED =
    { $days ->
        [one] { $days } jornada
       *[other] { $days } jornadas
    } de { $people ->
        [one] { $people } persona
       *[other] { $people } personas
    } de servicio sin interrupción, con dos horas o más en las que casi nada fue suyo mientras otras personas trabajaban. Con las pausas marcadas, cabría esperar que alrededor de { $breaks } de los registros de la cuenta se atribuyeran a otra persona, en lugar de alrededor de { $now }
CREDIT_CLOCKS_APART =
    los mensajes de { $records ->
        [one] { $records } registro
       *[other] { $records } registros
    } siguen un reloj adelantado { $minutes } min { $seconds } s respecto al de los registros: se leen otro tanto antes
    .behind =
        los mensajes de { $records ->
            [one] { $records } registro
           *[other] { $records } registros
        } siguen un reloj atrasado { $minutes } min { $seconds } s respecto al de los registros: se leen otro tanto después
AMOUNTS_CONVERTED =
    los montos de { $records ->
        [one] { $records } registro
       *[other] { $records } registros
    } se convirtieron de { $from } a { $to }, cada uno con el tipo de cambio de su día local y redondeado una sola vez: { $rates }{ $more ->
        [0] { "" }
       *[other] { " " }y { $more } más
    }
REFUND_EXCEEDS_SALE =
    se devolvió más { $sales ->
        [one] por una venta de lo que aportó, y cuenta
       *[other] por { $sales } ventas de lo que aportaron, y cuentan
    } por debajo de cero: { $named }{ $more ->
        [0] { "" }
       *[other] { " " }y { $more } más
    }
REGION_SAME = una transferencia va a una región distinta de { $region }
REPORT_NOT_A_MONTH = un informe trata de un mes natural, y el ciclo va del { $from } al { $to }: cree un ciclo de un mes
NOTHING_TO_TELL = no se puede informar sobre ninguna unidad: cada una tiene menos de cinco personas, o una resta revelaría menos de cinco
TRANSFER_NOT_PREPARED =
    la transferencia ya no está en preparación, su estado es: { $stage ->
        [prepared] preparada
        [approved] aprobada
        [released] enviada
        [withdrawn] retirada
       *[rejected] rechazada
    }
TRANSFER_NOT_APPROVED = la transferencia espera la aprobación de otra persona
TRANSFER_DROPPED =
    la transferencia está { $stage ->
        [withdrawn] retirada
       *[rejected] rechazada
    }: prepare otra
TRANSFER_RELEASED = la transferencia ya se envió: lo que se comunicó no se puede recuperar
TRANSFER_STALE = entretanto se envió otro informe sobre el mes, y los dos juntos revelarían menos de cinco personas: prepárelo de nuevo
TRANSFER_MALFORMED = este no es el archivo que se espera aquí, o no está completo: envíe el archivo entero tal como lo dio ReleaseTransfer o ExportStandard
TRANSFER_SIGNATURE_WRONG = el archivo no está firmado por la instancia de { $region }: se alteró, o su nueva clave pública falta aquí
REGION_KEY_UNKNOWN = aquí no se conoce ninguna clave pública de { $region }: ponga su performance.pub en la carpeta de claves como regions/{ $region }.pub
TRANSFER_OF_ANOTHER_GROUP = el archivo es de otro grupo
TRANSFER_ALREADY_EXISTS = el archivo ya se importó antes
TRANSFER_KIND_EXPECTED = indique qué se debe transferir: un informe o el directorio

## Compensation

CYCLE_NOT_PUBLISHED = las puntuaciones todavía pueden cambiar: publique primero el ciclo
    .report = el ciclo no está publicado: los informes solo contienen lo definitivo
    .correct = el ciclo no está publicado, así que no hay nada que corregir: ciérrelo de nuevo, y leerá lo que cuenta ahora
RESULT_VERSION_UNKNOWN = el ciclo no tiene esa versión de su resultado, o no había ninguna publicada hasta entonces: consulte sus versiones con ListCardVersions
VERSION_TWICE = indique una versión o un instante, no ambos
CYCLE_CORRECTION_UNDERWAY = la corrección { $cycle } de este ciclo no está publicada, e indica otro motivo u otra versión del esquema: solicítela con lo que ella indica para recalcularla, publíquela (PublishCycle), o deséchela (CancelCycle) y solicítela de nuevo
CORRECTION_CHANGES_NOTHING = todas las fichas están como se publicaron, así que no hay nada que publicar: deseche la corrección (CancelCycle); cuando se rectifique algo en lo que se basa el ciclo, solicítela de nuevo
ACCOUNTS_EXPECTED = indique al menos una cuenta, y { $most } como máximo
ACCOUNT_UNKNOWN_HERE = no hay ninguna cuenta { $account } por la que usted pueda preguntar: busque el ID con ListAccounts
UNIT_UNKNOWN_HERE = no hay ninguna unidad { $unit } en el ámbito para el que se inicia el cálculo: busque el ID con ListOrgUnits, o pida que se inicie para una unidad superior
ACCOUNTS_OR_SCHEME = cuentas o un esquema, no ambos: quite uno de los dos
POOL_WITHOUT_PEOPLE = la bolsa no tiene a quién pagar: el ciclo no contiene ninguna ficha de puntuación de la unidad de la bolsa
POOL_OUTSIDE_CYCLE = una bolsa pertenece a la unidad de su ciclo o a una inferior: indique una unidad así, o ninguna para la unidad del ciclo
PAY_OUTSIDE_UNIT =
    { $count } { $count ->
        [one] persona tiene
       *[other] personas tienen
    } ficha en el ciclo sin pertenecer a la unidad de la bolsa el último día del ciclo: { $people }. Una unidad paga a su propio personal: cierre el ciclo con una población que excluya a los demás
    .correction =
        { $count } { $count ->
            [one] persona tiene
           *[other] personas tienen
        } ficha en el ciclo sin pertenecer a la unidad de la bolsa el último día del ciclo: { $people }. Una unidad paga a su propio personal: corrija primero el ciclo (CorrectCycle), y prepare de nuevo el borrador de esta corrección
POOL_NEGATIVE = una bolsa no puede ser negativa: indique un monto de 0 o más; con una bolsa no se puede recuperar dinero
ZERO_SCORES = ninguna puntuación es mayor que cero, así que no hay regla para repartir: revise primero las fichas del ciclo
PART_WITHOUT_CLAIM = la parte { $place } de la bolsa no va a nadie: ninguna puntuación alcanza un tramo con peso, o su mínimo; cambie la regla de esa parte
SETTLEMENT_NOT_DRAFT =
    la liquidación está { $stage ->
        [draft] en borrador
        [approved] aprobada
        [posted] contabilizada
       *[discarded] desechada
    }, no en borrador
SETTLEMENT_NOT_APPROVED =
    la liquidación está { $stage ->
        [draft] en borrador
        [approved] aprobada
        [posted] contabilizada
       *[discarded] desechada
    }; solo una aprobada se puede contabilizar
SETTLEMENT_POSTED = una liquidación contabilizada no cambia nunca más: prepare una corrección en borrador, y la próxima liquidación paga la diferencia
SETTLEMENT_NOT_POSTED =
    la liquidación está { $stage ->
        [draft] en borrador
        [approved] aprobada pero sin contabilizar
       *[discarded] desechada
    }, y solo se corrige una contabilizada: deséchela y prepárela de nuevo
PAY_CORRECTION_WAITS = la corrección { $correction } de la liquidación espera su aprobación: apruébela o retírela primero
NOTHING_TO_CORRECT = según las fichas tal como están ahora, cada persona recibe lo que dieron la liquidación y sus correcciones: corrija primero el ciclo, o no hay nada que rectificar
PAY_CORRECTION_NOT_DRAFT =
    la corrección está { $stage ->
        [approved] aprobada
       *[withdrawn] retirada
    }, no en borrador
DELTAS_WAIT_NOW = lo pendiente se indica tal como está ahora: quite known_at, o waiting_only
CORRECTION_REASON_MISSING = indique por qué: cada extracto lo muestra
POOL_THERE = la bolsa { $pool } de este ciclo tiene el mismo nombre, monto y regla: liquide aquella, o dé otro nombre a esta si hay otra vez la misma cantidad de dinero
POOL_PAID = ya está contabilizada una liquidación de la bolsa { $pool }, y una bolsa se paga una sola vez: deseche las demás, y cree otra bolsa, con otro nombre, si hay más dinero que pagar
CARRY_MOVED = después de preparar este borrador se contabilizó otra liquidación, o se aprobó una corrección, y se movieron los céntimos sobrantes: prepárelo de nuevo
DELTA_SCORE = la puntuación se rectificó de { $old } a { $new }
DELTA_AGAINST =
    { $by ->
        [fell] la puntuación propia se rectificó de { $old } a { $new }, pero las de los demás bajaron más, en conjunto de { $others_old } a { $others_new }: por eso creció la parte de la bolsa
        [rose] la puntuación propia se rectificó de { $old } a { $new }, pero las de los demás subieron más, en conjunto de { $others_old } a { $others_new }: por eso se redujo la parte de la bolsa
        [less] la puntuación propia se rectificó de { $old } a { $new }, y las de los demás en conjunto de { $others_old } a { $others_new }: por la regla de la bolsa, la parte se redujo de todos modos
       *[more] la puntuación propia se rectificó de { $old } a { $new }, y las de los demás en conjunto de { $others_old } a { $others_new }: por la regla de la bolsa, la parte creció de todos modos
    }
DELTA_ADDED = se agregó una puntuación de { $score }
DELTA_REMOVED = se anuló la puntuación de { $score }
DELTA_OTHERS = se rectificaron las puntuaciones de otras personas, y la bolsa se reparte entre todas
POOL_WITHOUT_PARTS = se necesita al menos una parte
SHARES_NOT_WHOLE = las partes suman { $sum } millonésimas, no exactamente 1000000
PART_OF_NOTHING = una parte de nada: quítela
PART_RULE_MISSING = indique cómo se reparte esta parte: tiers, proportional o team_fund
PART_WITHOUT_TIERS = se necesita al menos un tramo
TIERS_OUT_OF_ORDER = escriba los tramos empezando por el mejor, cada uno con un min_score menor
TIERS_MIXED = dé a cada tramo un min_score, o a cada tramo una cuota
TIERS_WITHOUT_WEIGHT = todos los pesos son cero, así que nadie podría recibir nada
TIER_WEIGHTS_OUT_OF_ORDER = un tramo peor pesa más que uno mejor
STATEMENT_AMOUNT =
    { $paid } por una puntuación de { $score }: { $than ->
        [less] { $difference } menos que
        [same] lo mismo que
       *[more] { $difference } más que
    } los { $equal } que habría pagado un reparto igual.
STATEMENT_WITHOUT_TIER = Parte { $number } ({ $share } de la bolsa, { $part }), por tramos: la puntuación no alcanza ningún tramo, así que { $amount }.
STATEMENT_TIER_WITHOUT_WEIGHT = Parte { $number } ({ $share } de la bolsa, { $part }), por tramos: el tramo { $tier } no tiene peso, así que { $amount }.
STATEMENT_NOT_ABOVE_FLOOR = Parte { $number } ({ $share } de la bolsa, { $part }), en proporción a la puntuación: no supera { $floor }, así que { $amount }.
STATEMENT_PART = Parte { $number } ({ $share } de la bolsa, { $part }), { $claim } de { $sum } en total; { $major } × { $weight } / { $sum } = { $rounded }{ $carried }; así que { $amount }.
STATEMENT_BY_TIER = por tramos: el tramo { $tier } pesa { $weight }
STATEMENT_ABOVE_FLOOR = en proporción a la puntuación por encima de { $floor }: { $points } puntos
STATEMENT_BY_SCORE = en proporción a la puntuación: { $points } puntos
STATEMENT_EXACT = { $whole } exactos
STATEMENT_ROUNDED =
    { $whole } y { $fraction } de { $smallest }; { $came ->
        [yes] una de las { $units } unidades sobrantes de { $smallest } vino aquí
       *[no] ninguna de las { $units } unidades sobrantes de { $smallest } vino aquí
    }
STATEMENT_CARRIED = ; arrastrado de antes { $before }, por arrastrar { $after }

## The bundle: what is said of files, rows and settings. A reason and its cure are two cells of rejected.csv

UNUSABLE = { $file }: { $problem }. { $cure }.
SEVERAL_PROBLEMS = { $problems }
REASON_ALSO = { $reason }; además, { $column }: { $more }
AND_MORE_ROWS =
    { $count ->
        [one] se rechazó { $count } fila más de este archivo
       *[other] se rechazaron { $count } filas más de este archivo
    }
AND_MORE_ROWS_CURE = corrija primero las filas anteriores: las demás suelen fallar por los mismos motivos
AND_MORE_FINDINGS = y otros del mismo tipo
FIRST_REJECTED = línea { $line }{ $column }: { $reason } ({ $cure })
FIRST_REJECTED_COLUMN = , columna { $column }
EVERY_ROW_REJECTED = ; se rechazaron todas las filas: { $first }
ROWS_REJECTED =
    { $count ->
        [one] ; se rechazó { $count } fila: { $first }
       *[other] ; se rechazaron { $count } filas, la primera: { $first }
    }
HINT_NEAR = ; ¿quiso decir { $near }?
HINT_MEANT = { " " }(¿quiso decir { $near }?)
HINT_MEANT_AS = { " " }(¿quiso decir { $near } como { $column }?)
HINT_THERE_IS = { " " }(existe { $near })
NO_FOLDER = no se puede leer como carpeta ({ $error })
NO_FOLDER_CURE = indique la carpeta que contiene people.csv, accounts.csv y records.csv
MISSING_FILE = falta en { $folder }{ $hints }
MISSING_FILE_CURE = agregue el archivo exactamente con este nombre; docs/bundle.md describe cada archivo
NOT_A_FILE = no es un archivo
NOT_A_FILE_CURE = ponga en su lugar un archivo CSV o YAML
UNREADABLE = no se puede leer ({ $error })
UNREADABLE_CURE = compruebe el archivo y sus permisos
UNKNOWN_FILE = nada lee este archivo{ $hint }
EMPTY_OPTIONAL_FILE = el archivo está vacío y se pasó por alto
THE_PERIOD = el período
PERIOD_BACKWARDS_CURE = intercambie --from y --to
PERIOD_HALF = falta uno de sus dos extremos
PERIOD_HALF_CURE = indique tanto --from como --to, o ninguno
PERIOD_OF_DAYS = el período tiene { $days } días, y se cierran { $most } como máximo a la vez
PERIOD_OF_DAYS_CURE = ciérrelo por partes
TEAM_WITHOUT_PEOPLE = nadie en people.csv pertenece a su equipo { $team }
BRANCH_WITHOUT_PEOPLE = nadie en people.csv pertenece a esta sucursal
TOO_LARGE_SETTINGS = supera 1 MiB
TOO_LARGE_SETTINGS_CURE = una configuración es una página de texto: compruebe que el archivo correcto tenga este nombre
NOT_VALID_TEXT = no es texto válido
NOT_VALID_TEXT_CURE = guárdelo como UTF-8
ZERO_BYTES = contiene bytes nulos, que ningún archivo CSV o YAML tiene
ZERO_BYTES_CURE = expórtelo de nuevo como CSV en UTF-8 (un archivo de hoja de cálculo no es un archivo CSV)
UNKNOWN_ENCODING = su texto no está en UTF-8, UTF-16 ni GBK (parece { $encoding })
BAD_YAML = no es YAML válido: { $cause } (el analizador dice “{ $said }”)
    .at = no es YAML válido en la línea { $line }, columna { $column }: { $cause } (el analizador dice “{ $said }”)
YAML_KEY_TWICE = la clave { $key } aparece dos veces
    .lines = la clave { $key } aparece dos veces, en la línea { $first } y en la línea { $second }
YAML_TAB = hay una tabulación donde solo puede haber espacios
YAML_NOT_CLOSED = un corchete, una llave o una comilla que se abrió no está cerrada
YAML_NO_VALUE = ahí se espera un valor
YAML_BAD_START = ningún valor empieza por este signo: ponga el texto entre comillas
YAML_SIGN = un texto que empieza por &, * o ! es una referencia o una etiqueta: póngalo entre comillas
YAML_ESCAPE = una barra invertida entre comillas dobles empieza un carácter especial: duplíquela, o use comillas simples
YAML_STRUCTURE = una clave, dos puntos o una sangría no encajan ahí
YAML_OTHER = no se puede leer ahí
BAD_YAML_CURE = corrija ahí el YAML: dos espacios por nivel, un espacio después de cada signo de dos puntos
YAML_KEY_TWICE_CURE = deje la que corresponda y elimine la otra
YAML_NUMBER_TOO_LARGE = un número es demasiado grande para leerlo (el analizador dice: “{ $said }”)
YAML_NUMBER_TOO_LARGE_CURE = escriba un número menor
YAML_UNSEEN = la línea { $line } contiene el carácter { $character }, que nadie ve
YAML_UNSEEN_CURE = elimine ese carácter, o escriba de nuevo la línea
INVALID_SETTINGS_CURE = corrija estos valores; docs/bundle.md tiene ejemplos

## The bundle: tables

EMPTY_FILE = está vacío
EMPTY_FILE_CURE = llénelo: su primera línea es { $header }
NOT_CSV = no es un archivo CSV con encabezado: { $why }
NOT_CSV_CURE = expórtelo como CSV; su primera línea es { $header }
    .named = elimine la línea con `sep=`, o guarde de nuevo el archivo con un solo separador
NOT_CSV_NO_END = su primera línea no tiene fin o no se cierra una comilla en ella
NOT_CSV_NO_TEXT = su primera línea no es texto
NOT_CSV_NO_COLUMN = su primera línea no nombra ninguna de las columnas
    .named_not = su primera línea dice `sep={ $named }`, y el encabezado debajo está separado por `{ $sign }`
    .named_not_tab = su primera línea dice `sep={ $named }`, y el encabezado debajo está separado por tabulaciones
CONVERTED_ENCODING = leído como { $encoding } y convertido a UTF-8
SEPARATED_BY_TAB = las columnas están separadas por tabulaciones
SEPARATED_BY_SIGN = las columnas están separadas por el signo { $sign }
SEPARATED_BY_SEMICOLON = las columnas están separadas por punto y coma
LINE_TOO_LONG = la línea supera 1 MiB
LINE_TOO_LONG_CURE = compruebe dónde quedó su fin de línea
TOO_MANY_CELLS = tiene { $cells } celdas, el encabezado tiene { $columns }
TOO_MANY_CELLS_CURE = ponga entre comillas dobles una celda que contenga una coma o una comilla
NOT_TEXT_IN_ENCODING = contiene bytes que no son texto en la codificación del archivo
UNSEEN_CHARACTER = contiene el carácter { $character }, que nadie ve
UNSEEN_CHARACTER_CURE = elimínelo: escriba de nuevo la celda, o limpie la columna en el programa que la exporta
OPEN_QUOTE = una comilla abre en ella una celda que no se cierra en su lugar
OPEN_QUOTE_CURE = duplique las comillas dentro de una celda, como en "pantalla de 5"""
UNBALANCED_QUOTES = sus comillas no forman pares en muchísimos lugares, por última vez en la línea { $line }
UNBALANCED_QUOTES_CURE = expórtelo de nuevo como CSV: las comillas dentro de una celda se duplican
COLUMN_TWICE = la columna { $column } aparece dos veces
    .names = la columna { $column } aparece dos veces, como “{ $one }” y como “{ $other }”
COLUMN_TWICE_CURE = conserve una de ellas, o dé otro nombre a la otra
MISSING_COLUMNS = a su encabezado le falta la columna { $columns }{ $hints }
MISSING_COLUMNS_CURE = agréguela; un encabezado completo es { $header }
MISSING_KIND_CURE = agréguela; un encabezado completo es { $header }; o escriba `punches: alternating` o `punches: first_last` en group.yaml
MISSING_COLUMN = no existe esa columna: se toma como vacía en todas las filas
UNKNOWN_COLUMN = nada lee esta columna{ $hint }
EQUAL_ROWS = las filas iguales se tomaron una sola vez ({ $count } omitidas)

## The bundle: cells

IT_IS_EMPTY = está vacía
IT_IS_EMPTY_CURE = complétela
TOO_MANY_CHARACTERS = supera { $most } caracteres
TOO_MANY_CHARACTERS_CURE = acórtela
TOO_MANY_MEASURES = la fila tiene más de { $most } medidas además de las columnas conocidas
TOO_MANY_MEASURES_CURE = quite las columnas que nada mide
NO_TIME_ZONE = “{ $text }” no es una zona horaria
NO_TIME_ZONE_CURE = escriba un nombre de IANA como Asia/Shanghai
STANDS_FOR_NO_VALUE = “{ $text }” significa que no hay valor
STANDS_FOR_NO_VALUE_CURE = escriba el ID; si no lo hay, quite la fila
FORMULA_FAILED = “{ $text }” es lo que muestra una hoja de cálculo cuando falla una fórmula, no un valor
FORMULA_FAILED_CURE = corrija la fórmula, o exporte la columna desde su origen; deje la celda vacía solo si no hay valor
NEITHER_YES_NOR_NO = “{ $text }” no es ni sí ni no
NEITHER_YES_NOR_NO_CURE = escriba true, false, 1, 0, yes, no, 是 o 否, o déjelo vacío
NO_SMALL_COUNT = “{ $text }” no es un número entero de 1 a 1000
NO_SMALL_COUNT_CURE = escriba un número así
IT_IS_NEGATIVE = es negativo
IT_IS_NEGATIVE_CURE = escriba un número a partir de 0, o déjelo vacío
NUMBER_ABOVE_RANGE = { $text } es demasiado grande
NUMBER_ABOVE_RANGE_CURE = escriba un número de 0 a { $most }, o déjelo vacío si no se midió
NO_NUMBER = “{ $text }” no es un número
    .comma = “{ $text }” tiene una coma, y los números llevan punto y ningún separador de miles si group.yaml no tiene `numbers`
    .exponent = “{ $text }” tiene un exponente, que los números no llevan
NO_NUMBER_CURE = escriba dígitos con punto, por ejemplo 12.5, o déjelo vacío si no se midió
    .needed = escriba dígitos con punto, por ejemplo 12.5, o quite la fila
NEGATIVE_AMOUNT = el monto { $text } es negativo
NEGATIVE_AMOUNT_CURE = escriba un reembolso en una fila propia con un monto negativo, que indique en refers_to el external_id de la venta, o deje la celda vacía
NO_AMOUNT = “{ $text }” no es un monto
NO_AMOUNT_CURE = escriba dígitos con punto, por ejemplo 1234.50, sin símbolo de moneda, o indique en group.yaml cómo se escriben los números: `numbers: { "{" }decimal: ".", grouping: ","{ "}" }` si se trata de 1,234.50, `numbers: { "{" }decimal: ",", grouping: "."{ "}" }` si se trata de 1.234,50
    .yaml = escriba dígitos con punto, por ejemplo 1234.50, sin símbolo de moneda ni separador de miles
AMOUNT_DECIMALS = { $text } tiene más decimales que { $currency } ({ $digits })
    .told = { $text } tiene más decimales que { $currency } ({ $digits }): group.yaml dice que “{ $sign }” va antes de los decimales
AMOUNT_DECIMALS_CURE = redondéelo a la unidad más pequeña de la moneda o, si 1.234 es mil doscientos treinta y cuatro, indíquelo en group.yaml: `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
    .either = escriba { $whole } o { $decimal }, lo que corresponda
    .round = redondéelo a la unidad más pequeña de la moneda
    .whole = escriba { $whole } si es lo que corresponde, o redondéelo a la unidad más pequeña de la moneda
HUGE_AMOUNT = el monto { $text } es demasiado grande
HUGE_AMOUNT_CURE = compruebe la unidad: es la unidad principal
NO_DATE = “{ $text }” no es una fecha
NO_DATE_CURE = escriba año-mes-día, por ejemplo 2026-03-02
NO_TIME = “{ $text }” no es una hora
NO_TIME_CURE = escriba 2026-03-02 09:00:00, o con diferencia horaria 2026-03-02T09:00:00+08:00
TIME_BEYOND_RANGE = la hora está fuera de los límites admitidos
TIME_BEYOND_RANGE_CURE = compruebe el año
TIME_SKIPPED = { $time } no existió en { $zone }: los relojes se adelantaron de { $before } a { $after }
TIME_SKIPPED_CURE = escriba la hora con su diferencia horaria, por ejemplo { $time }{ $offset }
THAT_ZONE = esa zona horaria
MAY_BE_GROUPED = “{ $text }” puede ser un decimal o un número con separador de miles
GROUPED_BY_SPACE = “{ $text }” tiene espacios entre sus dígitos
GROUPED_BY_SPACE_CURE = quítelos, o indique en group.yaml cómo se escriben los números: `numbers: { "{" }decimal: ",", grouping: space{ "}" }` si se trata de 1 234,50, `numbers: { "{" }decimal: ".", grouping: space{ "}" }` si se trata de 1 234.50
MAY_BE_GROUPED_CURE = indique en group.yaml cómo se escriben los números, por ejemplo `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
NOT_AS_GROUP_YAML = “{ $text }” no está escrito como group.yaml dice que son los números
NOT_AS_GROUP_YAML_CURE = escriba “{ $decimal }” antes de los decimales y ningún separador de miles, o corrija `numbers` en group.yaml
    .grouped = escriba “{ $decimal }” antes de los decimales y “{ $grouping }” entre los miles, o corrija `numbers` en group.yaml
    .spaced = escriba “{ $decimal }” antes de los decimales y un espacio entre los miles, o corrija `numbers` en group.yaml

## The bundle: people, accounts, aliases

SHORTENED_NUMBER = { $text } es un número que una hoja de cálculo redujo a sus primeros dígitos
EXPORT_AS_TEXT = exporte la columna como texto
EMPTY_SEGMENT = “{ $text }” tiene un segmento vacío
EMPTY_SEGMENT_CURE = escriba la ruta con barras simples, la sucursal primero, por ejemplo East/Chat/Team 1
TOO_DEEP = tiene { $depth } niveles de unidades
TOO_DEEP_CURE = indique { $most } unidades como máximo, la sucursal primero
EMPLOYMENT_BACKWARDS = el empleo termina el { $left }, antes de empezar el { $hired }
EMPLOYMENT_BACKWARDS_CURE = corrija las fechas; left_on es el último día de trabajo
NO_PEOPLE = no nombra a ninguna persona{ $why }
NO_PEOPLE_CURE = agregue una fila por persona
NAMES_DIFFER = las líneas { $lines } tienen el número { $number } y difieren en el nombre
NAMES_DIFFER_CURE = dé a cada persona un número propio, o escriba igual el nombre en todas las filas del número
ZONES_DIFFER = las líneas { $lines } tienen el número { $number } y difieren en la zona horaria
ZONES_DIFFER_CURE = escriba igual la zona horaria en todas las filas del número: una persona tiene una sola
EMPLOYMENTS_OVERLAP = las líneas { $lines } tienen el número { $number } y se superponen: { $one } y { $other }
EMPLOYMENTS_OVERLAP_CURE = conserve una fila por persona, o dé a cada empleo sus propios días: left_on es el último
DAYS = del { $from } al { $to }
TWO_LINES = { $one } y { $other }
NO_END = sin fin
MOVED = { $before } hasta el { $until }; { $after } desde el { $from }
NO_ACCOUNTS = no nombra ninguna cuenta{ $why }
NO_ACCOUNTS_CURE = agregue una fila por cada cuenta de plataforma
ACCOUNT_ROWS_DIFFER = las filas de esta cuenta difieren en zone, team o exclusive
ACCOUNT_ROWS_DIFFER_CURE = escríbalos igual en todas sus filas
PHASES_ON_ONE_DAY = dos fases de esta cuenta empiezan el mismo día
PHASES_ON_ONE_DAY_CURE = dé a cada fase su propio primer día
SLASH_IN_NAME = “{ $text }” contiene una barra
SLASH_IN_NAME_CURE = no ponga barras en plataformas, tiendas y cuentas
NO_EMPLOYMENT_KIND = “{ $text }” no es un tipo de empleo
NO_EMPLOYMENT_KIND_CURE = escriba full_time, part_time, fixed_term, intern, agency, outsourced o freelance, o deje la celda vacía
NO_CONTRIBUTORS = “{ $text }” no nombra colaboradores
    .role = “{ $text }” no nombra colaboradores: “{ $role }” no es un rol
    .twice = “{ $text }” nombra a { $named } dos veces
    .many = “{ $text }” nombra a más colaboradores que los { $max } que puede tener un registro
NO_CONTRIBUTORS_CURE = escriba rol=número de empleado, varios separados por “;”, con los roles first_answer, closer y after_sales, por ejemplo first_answer=A001;closer=A007
    .twice = quite uno de los dos: cada persona tiene una sola parte en un rol, también cuando un alias de aliases.csv y el número de empleado designan a la misma persona
    .many = quite algunos, { $max } como máximo
POLICY_SPLIT = indique una versión, y first_answer, closer y after_sales en porcentajes que sumen 100
NO_PHASE = “{ $text }” no es una fase
NO_PHASE_CURE = escriba shared, mixed o named
CORRECT_THE_DATES = corrija las fechas
ALIAS_IS_A_NUMBER = { $alias } es el número de empleado de otra persona
ALIAS_IS_A_NUMBER_CURE = los registros con él se leerían como de esa persona: cambie el nombre del alias
ALIAS_OF_TWO = { $alias } designa a dos personas al mismo tiempo
ALIAS_TWICE = varias filas dan { $alias } a la misma persona en días que se superponen
ALIAS_OF_TWO_CURE = dé a cada fila sus fechas from y to, sin superposición
DEVICE_OF_NOTHING = ni un número de empleado ni una estación indican de quién es el dispositivo
DEVICE_OF_BOTH = es de alguien (employee_no) y de una estación
DEVICE_OF_BOTH_CURE = escriba el número de empleado o la estación, y deje lo otro vacío
DEVICE_TWICE = varias filas dan { $device } a la misma persona o estación desde el mismo día, con fines distintos

## The bundle: whom and what a row means

NOT_IN_PEOPLE = { $number } no está en people.csv
NOT_IN_PEOPLE_CURE = agregue la persona a people.csv, o corrija el número
ROWS_OF_NUMBER_REJECTED = se rechazaron las filas de { $number } en people.csv
ROWS_OF_ACCOUNT_REJECTED = se rechazaron las filas de { $account } en accounts.csv
ROWS_OF_RECORD_REJECTED = se rechazaron las filas del registro { $record } de { $account } en records.csv
ROWS_OF_ALIAS_REJECTED = se rechazaron las filas del alias { $alias } en { $platform } en aliases.csv
ROWS_REJECTED_CURE = corríjalas primero: cada una está en rejected.csv con su solución
NAME_FOR_NUMBER = { $text } es un nombre, y se espera un número (¿quiso decir { $near }?)
NAME_FOR_NUMBER_CURE = escriba el número de empleado: los alias solo lo sustituyen en las columnas agent y contributors de records.csv
    .agent = escriba el número de empleado, o indique el alias en aliases.csv
LOST_ZEROS = { $text } no está en people.csv (¿quiso decir { $near }?)
LOST_ZEROS_CURE = las hojas de cálculo quitan los ceros iniciales: exporte la columna como texto
GROUPED_NUMBER = { $text } no está en people.csv (¿quiso decir { $near }?)
GROUPED_NUMBER_CURE = una hoja de cálculo agrupó sus dígitos: exporte la columna como texto
ONE_OF_TWO = { $one } o { $other }
SEVERAL_STORES = varias tiendas tienen una cuenta { $account }
SEVERAL_STORES_CURE = escríbala como plataforma/tienda/cuenta
ACCOUNT_UNKNOWN_CURE = agregue la cuenta a accounts.csv, o corrija su nombre
UNKNOWN_AGENT = { $agent } no está en people.csv ni es un alias en { $platform }
ALIAS_NOT_THEN = el alias { $agent } en { $platform } no abarca el { $day }
UNKNOWN_AGENT_CURE = agregue la persona a people.csv o el alias a aliases.csv, o deje agent vacío

## The bundle: records and duty

NO_RECORD_USABLE = no contiene ningún registro que se pueda usar{ $why }
NO_RECORD_IN_PERIOD = ningún registro empieza entre el { $from } y el { $to }{ $others }{ $why }
RECORDS_OUTSIDE = { " " }({ $count } quedan fuera)
NO_RECORDS_CURE = indique las fechas que contienen los registros (--from y --to, o period en group.yaml), y corrija las filas rechazadas
OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } registro no empieza
       *[other] { $count } registros no empiezan
    } entre el { $from } y el { $to } y { $count ->
        [one] se omitió
       *[other] se omitieron
    } (por ejemplo { $example })
OBSERVATIONS_OUTSIDE =
    { $count ->
        [one] { $count } observación no trata
       *[other] { $count } observaciones no tratan
    } de días del { $from } al { $to } y { $count ->
        [one] no cuenta
       *[other] no cuentan
    } en ese período (por ejemplo { $example })
NO_PERIOD = ningún registro indica qué período se cierra
NO_PERIOD_CURE = indique sus fechas (--from y --to, o period en group.yaml)
NO_RATE = “{ $text }” no es un tipo de cambio
NO_RATE_CURE = escriba dígitos con un punto como máximo, por ejemplo 7.1234, con { $places } como máximo después del punto y 18 en total
RATE_NOT_ABOVE_0 = un tipo de cambio es mayor que 0
RATE_NOT_ABOVE_0_CURE = escriba cuánto vale una unidad de la primera moneda en la segunda
RATE_OF_ONE_CURRENCY = es un tipo de cambio entre una moneda y ella misma
RATE_OF_ONE_CURRENCY_CURE = escriba otra moneda en una de las dos columnas
RATES_CONTRADICT = varias filas dicen cuánto valen las mismas monedas el mismo día: { $rates }
POPULATION_WITHOUT_PEOPLE = population no designa a nadie que tenga empleo entre el { $from } y el { $to }
POPULATION_WITHOUT_PEOPLE_CURE = escriba lo que people.csv dice de las personas que corresponden, o quite population ({ $said })
POPULATION_COLUMN = { $column }: { $words }
POPULATION_OF_NOBODY = nadie de people.csv tiene “{ $word }” como { $column }{ $hint }
TOO_MANY_REPLIES = tiene más de { $most } filas de mensajes
TOO_MANY_RECORDS = el período contiene más de { $most } registros
TOO_MANY_RECORDS_CURE = cierre las sucursales o las semanas una por una
SEVERAL_MONTHS = sus registros empiezan en { $count } meses ({ $months })
SEVERAL_MONTHS_CURE = indique qué fechas se cierran, por ejemplo --from { $from } --to { $to }
RECORD_BACKWARDS = termina el { $end }, antes de empezar el { $start }
RECORD_BACKWARDS_CURE = corrija las horas, o intercambie las dos columnas
SHORTENED_ID_KEPT =
    en { $count ->
        [one] { $count } fila
       *[other] { $count } filas
    }, una hoja de cálculo redujo el número a sus primeros dígitos (por ejemplo { $example }): expórtelo como texto; se toma tal como está
SHORTENED_CUSTOMER =
    en { $count ->
        [one] { $count } fila
       *[other] { $count } filas
    }, una hoja de cálculo redujo el número a sus primeros dígitos (por ejemplo { $example }): expórtelo como texto; se toma como vacío
VALUE_LOST_EMPTY =
    { $count ->
        [one] { $count } celda contiene
       *[other] { $count } celdas contienen
    } lo que una hoja de cálculo muestra en lugar de un valor (por ejemplo { $example }): se toma como vacío
VALUE_LOST_KEPT =
    { $count ->
        [one] { $count } celda contiene
       *[other] { $count } celdas contienen
    } lo que una hoja de cálculo muestra en lugar de un valor (por ejemplo { $example }): se toma tal como está
NO_VALUE_TAKEN_AS_EMPTY =
    { $count ->
        [one] { $count } celda indica
       *[other] { $count } celdas indican
    } que no hay valor (por ejemplo { $example }): se toma como vacío
UNSEEN_LEFT_OUT =
    { $count ->
        [one] { $count } celda contiene
       *[other] { $count } celdas contienen
    } caracteres que nadie ve: se lee sin ellos (por ejemplo { $example })
DECIMAL_TAKEN_AS_WHOLE =
    { $count ->
        [one] { $count } número entero está escrito
       *[other] { $count } números enteros están escritos
    } con decimales: se lee sin ellos (por ejemplo { $example })
ZEROS_APART =
    { $count ->
        [one] { $count } fila tiene un número
       *[other] { $count } filas tienen números
    } (por ejemplo { $example }) que otras filas escriben con ceros iniciales: se toma como distinto; las hojas de cálculo quitan los ceros iniciales, así que exporte la columna como texto
CONTRIBUTORS_NOBODY =
    { $count ->
        [one] { $count } colaborador no está
       *[other] { $count } colaboradores no están
    } ni en people.csv ni en aliases.csv el día del registro (por ejemplo { $example }): los registros cuentan, y su parte va a los demás colaboradores; agregue la persona a people.csv o el alias a aliases.csv, o corrija el nombre, y cierre de nuevo
LONG_RECORDS =
    { $count ->
        [one] { $count } registro dura
       *[other] { $count } registros duran
    } { $hours } horas o más (por ejemplo { $example }): las horas pueden ser las de un caso que nadie cerró
REPLY_WITHOUT_RECORD = { $account } no tiene ningún registro { $record } en records.csv{ $hint }
    .elsewhere = { $account } no tiene ningún registro { $record } en records.csv, pero { $other } sí
REPLY_WITHOUT_RECORD_CURE = agregue el registro a records.csv (si su fila no se pudo leer, está en rejected.csv), o corrija la cuenta o el ID
REPLIES_ABOVE_MOST = el registro { $record } de { $account } tiene { $count } mensajes: se toman los primeros { $most }, y los otros { $rows }, desde el { $at }, no
CLAIM_OF_BOTH = indica el registro { $record } y el cliente { $customer }
CLAIM_OF_BOTH_CURE = conserve uno de los dos; sin ninguno es una reivindicación del siguiente registro de la cuenta
REPLIES_ABOVE_MOST_CURE = exporte de nuevo el registro: tantos mensajes son los de varios registros con un mismo ID
REPLIES_OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } mensaje es
       *[other] { $count } mensajes son
    } de registros que no empiezan entre el { $from } y el { $to } y { $count ->
        [one] se omitió
       *[other] se omitieron
    } (por ejemplo { $example })
CLAIMS_OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } reivindicación no se hizo
       *[other] { $count } reivindicaciones no se hicieron
    } entre el { $from } y el { $to } y { $count ->
        [one] se omitió
       *[other] se omitieron
    } (por ejemplo { $example })
RECORD_TOO_LONG = dura { $days } días, del { $start } al { $end }
RECORD_TOO_LONG_CURE = corrija las fechas: ningún registro dura más de { $most } días
NO_ROWS = tiene encabezado y ninguna fila debajo
NO_ROWS_CURE = exporte de nuevo los registros del mes, con sus filas
DUPLICATE_RECORD = este external_id aparece varias veces con el mismo contenido: se toma una sola vez ({ $count } omitidos)
    .revised =
        este external_id aparece en varias revisiones: cuenta { $revision } ({ $count ->
            [one] { $count } fila de una anterior omitida
           *[other] { $count } filas de anteriores omitidas
        })
DUPLICATE_ROW_REVISED =
    aparece en varias revisiones: cuenta { $revision } ({ $count ->
        [one] { $count } fila de una anterior omitida
       *[other] { $count } filas de anteriores omitidas
    })
REFUND_PAYS_NOTHING = la fila remite a otro registro, así que es un reembolso, y su monto no es negativo
REFUND_PAYS_NOTHING_CURE = escriba con signo menos lo que se devolvió, o deje refers_to vacío
REVISED_TWICE = la fila indica una revisión y una hora de cambio
REVISED_TWICE_CURE = deje una de las dos vacía
NO_CURRENCY = “{ $text }” no es una moneda
NO_CURRENCY_CURE = escriba un código de ISO 4217, por ejemplo JPY, o déjelo vacío para la moneda del grupo
NO_REVISION = “{ $text }” no es una revisión
NO_REVISION_CURE = escriba un número entero a partir de 0, o déjelo vacío
ID_TWICE_DIFFERENT = { $id } aparece { $count } veces en { $account } con contenido distinto
ID_TWICE_SAME = { $id } aparece { $count } veces en { $account } con el mismo contenido
ID_TWICE_CURE = conserve la fila correcta, o dé a cada registro su propio external_id
ID_TWICE_SHORTENED_CURE = una hoja de cálculo redujo los ID a sus primeros dígitos: exporte la columna como texto
SHIFT_BACKWARDS = el turno termina el { $end }, no después de su inicio el { $start }
SHIFT_BACKWARDS_CURE = un turno de noche termina al día siguiente: escriba esa fecha
SECOND_OF_TWO =
    los relojes se atrasaron, y el fin de { $count ->
        [one] { $count } fila
       *[other] { $count } filas
    } es la segunda vez que lo mostraron: la primera es anterior al inicio (por ejemplo { $example })
    .reply =
        los relojes se atrasaron, y la hora de { $count ->
            [one] { $count } mensaje
           *[other] { $count } mensajes
        } es la segunda vez que la mostraron: la primera no está dentro del registro (por ejemplo { $example })
FIRST_OF_TWO =
    los relojes se atrasaron, y en { $count ->
        [one] { $count } fila
       *[other] { $count } filas
    } una hora sin diferencia horaria que mostraron dos veces es la primera de las dos (por ejemplo { $example }): escriba la diferencia horaria para indicar cuál es
LONG_SHIFT = el turno del { $start } al { $end } no dura menos de { $hours } horas
LONG_SHIFT_CURE = corrija sus horas; si son varios turnos, escriba una fila por cada uno
SHIFT_ENDS_DIFFER = las líneas { $lines } son el turno de la misma persona en la misma cuenta desde el { $start }, pero terminan a horas distintas ({ $one }, { $other })
SHIFT_SEATS_DIFFER = las líneas { $lines } son el turno de la misma persona en la misma cuenta desde el { $start }, pero en estaciones distintas
KEEP_THE_RIGHT_ROW = conserve la fila correcta
PUNCH_BOTH_WAYS = las líneas { $lines } son marcaciones de entrada y de salida de { $number } al mismo tiempo, { $at }
HANDOVER_BOTH_WAYS = en las líneas { $lines }, { $number } toma y entrega { $account } al mismo tiempo, { $at }
HANDOVERS_AT_ODDS = las líneas { $lines } son traspasos de { $account } al mismo tiempo, { $at }, que no pueden haber ocurrido todos
PUNCHES_ODD = un número impar de marcaciones: { $count }; la última, el { $at }, no tiene pareja ({ $night })
PUNCHES_SINGLE = una única marcación, el { $at }, no tiene pareja ({ $night })
PUNCHES_NIGHT = una noche requiere rosters.csv, o un cut_over de policy.yaml a una hora en que nadie trabaja
PUNCHES_BETWEEN = se omiten las marcaciones entre la primera y la última: { $count }
PUNCHES_ALONE = la marcación del { $at } no tiene pareja y no da presencia: agregue la que falta
PUNCHES_LONG = una presencia de más de 13 horas, de { $from } a { $to }: si es el descanso entre dos noches, escriba kind o rosters.csv
PUNCHES_AS_NIGHTS = presencias que pasan del fin de la jornada: { $count } (la primera de { $from } a { $to }); por jornadas, el descanso entre ellas sería presencia, y kind o rosters.csv lo indicarían con certeza
PUNCHES_EITHER_WAY = las marcaciones de { $from } a { $to } pueden ser días o noches, porque la primera y la última no tienen pareja: se toman como días; kind o rosters.csv indicarían qué son
NEITHER_WORD = “{ $text }” no es ni { $one } ni { $other }
NEITHER_WORD_CURE = escriba { $one } o { $other }
NO_SUBJECT_KIND = “{ $text }” no es un tipo de objeto
NO_SUBJECT_KIND_CURE = escriba uno de { $kinds }
UNIT_OF_NOBODY = { $unit } no es una unidad a la que pertenezca alguien de people.csv o una cuenta de accounts.csv{ $hint }
UNIT_OF_NOBODY_CURE = corrija la ruta de la unidad
STORE_UNKNOWN = ninguna cuenta de accounts.csv es de { $store }{ $hint }
STORE_UNKNOWN_CURE = escriba la plataforma y la tienda como en accounts.csv, separadas por /
NEITHER_DAYS_NOR_TIME = no indica ni en qué días ni cuándo
DAYS_AND_TIME = indica tanto en qué días como cuándo
DAYS_AND_TIME_CURE = deje from y to vacíos si se trata de un instante, o at si se trata de días
NEITHER_DAYS_NOR_TIME_CURE = complete from (y to, para más de un día) o at, uno de los dos
NO_KIND_OF_FINDING = no existe ese tipo de hallazgo
NO_KIND_OF_FINDING_CURE = elimine el archivo: solo lo tiene inputs/ de un resultado
NO_COUNT = no es un recuento
DELETE_THE_FILE = elimine el archivo

## The bundle: settings. A sentence goes on from the name of the setting

SETTING = { $path } { $problem }
SETTING_WRONG = es incorrecto: { $reason }; { $cure }
SETTING_GROUPED = “{ $text }” tiene separador de miles, y los números de los archivos YAML no lo llevan, diga lo que diga `numbers` en group.yaml sobre las celdas: escriba { $plain }
SETTING_GROUPED_OR_DECIMAL = “{ $text }” puede llevar separador de miles, y los números de los archivos YAML no lo llevan, diga lo que diga `numbers` en group.yaml sobre las celdas: escriba { $plain }, o { $decimal } si es lo que corresponde
SETTING_MISSING = falta
SETTING_NO_MAPPING = no es una correspondencia de claves y valores
FILE_NO_MAPPING = el archivo no es una correspondencia de claves y valores
SETTING_NO_TEXT = no es texto
SETTING_TEXT_LENGTH = está vacío o supera 200 caracteres
SETTING_WITH_NUL = contiene el carácter NUL (U+0000): quítelo
SETTING_NOT_ONE_OF = es “{ $text }”, no uno de { $words }
SETTING_NO_DECIMAL = es “{ $text }”, no un decimal con seis decimales como máximo
SETTING_NOT_BETWEEN = es { $number }, no un número de { $least } a { $most }
SETTING_LOSSY_DECIMAL = es “{ $text }”, un decimal que pierde precisión: escríbalo entre comillas
SETTING_NO_WHOLE = es “{ $text }”, no un número entero de { $least } a { $most }
SETTING_NO_LIST = no es una lista
SETTING_PAIR_NO_TEXT = tiene una clave que no es texto
SETTING_NO_VALUE = no tiene valor
SETTING_UNKNOWN_NEAR = no es una clave conocida (¿quiso decir { $near }?)
SETTING_UNKNOWN = no es una clave conocida (se conocen { $known })
SETTING_EMPTY = está vacío
SETTING_NOT_ABOVE_0 = no es mayor que 0
SETTING_BELOW_0 = es menor que 0
GROUP_CURRENCY = no es un código de tres letras mayúsculas como CNY
GROUP_CURRENCY_UNKNOWN = es { $code }, que no es una moneda vigente de ISO 4217: escriba una como CNY
GROUP_PERIOD_BACKWARDS = es { $to }, antes de from, que es { $from }
GROUP_PERIOD_TOO_LONG = da un período de { $days } días, y se cierran { $most } como máximo a la vez: ciérrelo por partes
GROUP_REGION = pone { $branch } en la región { $region }: escriba de 1 a 32 caracteres entre a-z, 0-9 y -, por ejemplo cn-east
GROUP_SAME_SIGN = es el mismo signo que decimal
POLICY_CUT_OVER = no es una hora de "00:00" a "11:59", entre comillas
SCHEME_WEIGHTS = tiene pesos que suman { $sum }, no 100
SCHEME_ID_TAKEN = es el de un KPI anterior
SCHEME_WEIGHT = no es mayor que 0: mejor quite el KPI
SCHEME_CAP = es { $cap }, que no supera el mínimo { $floor }
SCHEME_RANGE = supera en más de { $most } el mínimo { $floor }
SCHEME_SMALL_SAMPLE = solo tiene sentido para proporciones y medias: quítelo
SCHEME_OF_RECORDS = no tiene sentido para la medida records
SCHEME_OF_UNDEFINED = nombra la medida “{ $measure }”, que no está en measures{ $hint }
SCHEME_OF_MISSING = falta: nombra la columna que se mide
SCHEME_OF_RESOLVED = es una columna de sí o no, que tiene proporción y no suma ni media
SCHEME_TEST_MISSING = no está completo: at_most o at_least indica qué registros cuentan
SCHEME_TEST_USELESS = no es correcto: at_most y at_least no tienen sentido aquí
SCHEME_MEASURES_TEXT = { $kpi } mide { $column }, una columna que contiene texto
    .cell = línea { $line }: { $reason }
    .odd =
        { $kpi } mide { $column }, una columna de texto porque { $count ->
            [one] una celda no es un número
           *[other] { $count } celdas no son números
        }: { $cells }
SCHEME_MEASURES_NOTHING = { $kpi } mide { $column }, que no es una columna de records.csv con valores{ $hint }
SCHEME_MEASURES_CURE = indique una columna de números de records.csv
    .odd = corrija las celdas, o indique una columna de números de records.csv
SCHEME_MEASURES_UNCOMPUTED = { $path } (KPI { $kpi }) mide algo que no se calcula
MEASURE_UNKNOWN_CURE = mida el número de registros, la proporción de resolved, la proporción con first_reply_seconds at_most 30, la proporción con rating at_least 4, la suma de amount, la media de una columna adicional, o cualquier otra cosa como medida que el archivo defina en measures
POOL_CURRENCY = es { $currency }, pero los montos del grupo están en { $group }
POOL_BELOW_0 = es negativo: escriba el dinero que hay para repartir, mayor que 0
POOL_ZERO = es 0: quite el archivo si no hay nada que repartir
POOL_SHARES = tiene partes que suman { $sum }, no 100
POOL_SHARE = no es mayor que 0: mejor quite la parte
POOL_TIERS_ELSEWHERE = solo tiene sentido con by: tiers
POOL_TIERS_MIXED = mezcla top_percent y at_least: use uno de los dos en todos los tramos
POOL_TIERS_PERCENT = tiene top_percent que suman { $sum }, no 100
POOL_TIERS_RISE = tiene at_least que no bajan de un tramo a otro
POOL_TIERS_WEIGHTS_RISE = tiene un peso superior al de un tramo mejor: escriba primero el mejor tramo, y cada uno con el peso del anterior como máximo
POOL_TIERS_WEIGHTLESS = solo tiene pesos de 0
POOL_TIER_RULE = o at_least es necesario, y solo uno de los dos
POOL_TIER_NAME_TAKEN = es el de un tramo anterior
POOL_PERCENT_TOO_FINE = es { $percent }: escriba un porcentaje con cuatro decimales como máximo
POOL_TIER_WEIGHT = supera 1000000
POOL_SHARE_TOO_FINE = { $percent } % tiene más de cuatro decimales
POOL_SHARE_TOO_FINE_CURE = escriba partes y cuotas con cuatro decimales como máximo
OTHER_PERIOD = es para el período del { $from } al { $to }, pero se cierra el del { $closed_from } al { $closed_to }
OTHER_PERIOD_CURE = corrija su período, o quite el período
POOL_IN_EMPTY_PERIOD = hay dinero, pero nadie de people.csv tiene empleo entre el { $from } y el { $to }
POOL_WITHOUT_PEOPLE_CURE = corrija hired_on y left_on, o quite la bolsa
SAVE_FILE_AS_UTF_8 = guarde el archivo como UTF-8
JOINED = { $one }{ $other }

## The command line: what cannot be done

STEP_FAILED = paso: { $step }
NOBODY_CREDITED_AT_ALL = nadie estaba de servicio en ninguno de sus registros, y ninguno nombra a su agente
    .people =
        { $rows ->
            [one] se rechazó { $rows } fila
           *[other] se rechazaron { $rows } filas
        }, y de las demás personas ninguna estaba de servicio en ningún registro
    .duty =
        nadie estaba de servicio en ninguno de sus registros, y { $rows ->
            [one] se rechazó { $rows } fila de planes de turnos, marcaciones o traspasos
           *[other] se rechazaron { $rows } filas de planes de turnos, marcaciones o traspasos
        }
NOBODY_EMPLOYED =
    nadie tiene empleo entre el { $from } y el { $to }: { $people ->
        [one] se leyó { $people } persona
       *[other] se leyeron { $people } personas
    }, { $rejected ->
        [0] y no se rechazó ninguna fila
        [one] y se rechazó { $rejected } fila
       *[other] y se rechazaron { $rejected } filas
    }
NOBODY_EMPLOYED_CURE = corrija hired_on y left_on, o el período
RECORD_RATE_MISSING_CURE = escriba el tipo de cambio de ese día o de uno anterior, con su fuente, en rates.csv (columnas date, from, to, rate, source)
NOBODY_CREDITED_CURE = aporte rosters.csv, punches.csv o handovers.csv de estos días, o corrija sus cuentas y horas
    .rejected = corrija primero esas filas: cada una está en rejected.csv con su solución
OUT_NOT_EMPTY = la carpeta de resultados no está vacía
OUT_IN_USE = otra ejecución está escribiendo allí su resultado
OUT_NOT_EMPTY_CURE = indique otra con --out, o elimínela primero
BUNDLE_NOT_EMPTY = la carpeta no está vacía
BUNDLE_NOT_EMPTY_CURE = indique otra con --bundle, o elimínela primero
CLOSE_INTERRUPTED = usted lo detuvo: no queda nada en { $folder }, y el mismo comando empieza de nuevo
FINDINGS_ARE_IN = { $file } indica lo que se observó
REJECTED_ROWS_ARE_IN = { $file } indica cada fila rechazada
REJECTED_ROWS_UNWRITTEN = se rechazaron filas, y { $file } no se pudo escribir
STORE_IN_USE = otro proceso de tally trabaja con los datos en { $folder }, y una base de SQLite es para uno solo a la vez: detenga ese proceso, o indique otros datos con --set database.url=sqlite://FOLDER/{ "{" }service{ "}" }.db
CURE_AND_REJECTED = { $cure }; { $file } indica cada fila rechazada
NOT_IN_MONTH = no hay ningún registro ni ninguna persona { $what } en este mes: indique un external_id de records.csv, por ejemplo { $record }, o un employee_no o nombre de people.csv, por ejemplo { $person }
NO_MANIFEST = no contiene manifest.json, así que no es una carpeta de resultados
MANIFEST_DOUBLE = indica dos veces el archivo { $file }
MANIFEST_ELSEWHERE = indica el archivo { $file }, que no es un archivo de la carpeta
NO_MANIFEST_CURE = indique una carpeta que haya escrito tally close (con --out)
BAD_MANIFEST = { $error }
RESTORE_FOLDER_CURE = restaure la carpeta desde donde se guardaba
SUITE_NAMES_ANOTHER_PERSON = la suite nombra a una persona { $id } que el paquete no contiene: un error nuestro
SUITE_NAMES_ANOTHER_ACCOUNT = la suite nombra una cuenta { $id } que el paquete no contiene: un error nuestro
SUITE_LISTS_LESS = la suite no muestra lo que se acaba de escribir: un error nuestro
CYCLE_WATCH_ENDED = el servicio dejó de informar sobre el ciclo antes de que se cerrara: repita la operación
RECORDS_DO_NOT_ADD_UP =
    { $sent ->
        [one] entró { $sent } registro
       *[other] entraron { $sent } registros
    }, el ciclo cuenta { $counted } y salieron { $told }: un error nuestro
CANNOT_MAKE_FOLDER = no se puede crear la carpeta { $folder }: { $error }
CANNOT_READ = no se puede leer { $file }: { $error }
CANNOT_WRITE = no se puede escribir { $file }: { $error }
IO_NOT_FOUND = no está ahí
IO_PERMISSION_DENIED = este usuario no tiene permiso
IO_ALREADY_EXISTS = ya existe: indique otro, o muévalo primero
IO_IS_A_FOLDER = es una carpeta
IO_NOT_A_FOLDER = una parte de la ruta no es una carpeta
IO_FOLDER_NOT_EMPTY = la carpeta no está vacía
IO_DISK_FULL = el disco está lleno
IO_READ_ONLY = el disco es de solo lectura
IO_ADDRESS_IN_USE = otro programa escucha allí
IO_ADDRESS_NOT_HERE = esta máquina no tiene esa dirección
IO_NOT_TEXT = no es texto UTF-8
IO_NOBODY_LISTENS = nadie escucha allí
IO_NO_ANSWER = no llegó respuesta a tiempo
IO_NO_WAY_THERE = desde esta máquina no hay camino hasta allí
IO_NO_SUCH_HOST = ningún host tiene este nombre
IO_FOLDER_CLOSED = su carpeta no permite escribirlo
TLS_SAYS = la biblioteca TLS dice: { $cause }
SERVER_SAYS = responde: { $cause }
IO_OTHER = el sistema dice: { $cause }
CURE_ALREADY_DIFFERENT = corrija la fila si la suite tiene razón; si la fila es correcta, corrija el hecho en la suite: una importación no sobrescribe nada
CURE_DIFFERENT_CONTENT = corrija la fila si la suite tiene razón, o dele una revisión superior si la fila es correcta: sin ella, una importación no sobrescribe nada
CURE_REFERS_TO_NOTHING = importe primero el registro al que remite, o corrija refers_to
CURE_PERSON_UNKNOWN = agregue la persona a people.csv e importe de nuevo
CURE_ACCOUNT_UNKNOWN = agregue la cuenta a accounts.csv e importe de nuevo
CURE_ALIAS_OVERLAP = ponga fin a un significado del alias (columna to) antes de que empiece el otro
CURE_PLACE_WRONG = corrija el equipo en accounts.csv, o la región de su sucursal en group.yaml
CURE_OUT_OF_REACH = pida que importe la fila alguien cuyos derechos alcancen a su equipo, que puede haber pasado a otra sucursal, o quítela
CURE_RECORD_OUT_OF_REACH = pida que importe la fila quien tenía ese día el equipo de la cuenta, o el grupo
CURE_REPLY_RECORD_UNKNOWN = importe el registro con sus mensajes, o pida que los importe alguien que pueda importar registros de ese día
CURE_CLAIM_WITHDRAWN = quite la fila: la reivindicación se retiró con un motivo
CURE_ROWS_CONTRADICT = conserve la fila correcta, e importe de nuevo
CURE_KEPT_BACK = corrija primero lo que este archivo dice de esa fila, o pida que la importe alguien cuyos derechos la alcancen, e importe de nuevo: esta entra con ella
CURE_PERIOD_PURGED = haga primero que los datos de estos meses se conserven más tiempo (SetRetention, 120 meses como máximo) e importe de nuevo, o quite la fila
CURE_REFUSED_ROW = corrija lo que se indica, e importe de nuevo: las filas ya importadas cuentan como existentes
    .file = corrija lo que se indica, o quite la fila

## Settings and arguments

SETTING_CANNOT_HOLD = ajuste { $key }: { $problem }
SETTING_SET_IN = { $problem } ({ $place })
SETTING_IN_FILE = definido en el archivo { $file }
SETTING_IN_VARIABLE = definido por la variable de entorno { $name }
SETTING_ON_COMMAND_LINE = definido en la línea de comandos
SETTING_NOT_KNOWN = no existe ese ajuste; en este lugar existen { $known }
SETTING_EXPECTED = es { $found }, y se espera { $expected }
    .alone = se espera { $expected }
SETTINGS_NOT_TOML = el archivo no es TOML: compruebe que cada línea sea [SECTION] o KEY = VALUE
    .at = el archivo no es TOML a partir de la línea { $line }, columna { $column }: compruebe que cada línea sea [SECTION] o KEY = VALUE, y que los textos estén entre comillas
SETTING_FILE_MISSING = no hay ningún archivo { $file }
SETTING_FILE_EMPTY = { $file } está vacío
SETTING_SERVICE_UNKNOWN = no hay ningún servicio { $name }; existen { $known }
SETTING_SERVICES_NONE = indique al menos uno de { $known }
SETTING_PEER_MISSING = { $name } no está en este proceso (server.services): indique dónde está, https://host:port
SETTING_AT_LEAST_ONE = se espera 1 como mínimo
SETTING_AT_MOST = se espera { $most } como máximo
SETTING_SERVICE_TWICE = { $name } se indica dos veces: indique cada servicio una sola vez
SETTING_DATABASE_URL = se espera sqlite://DIRECTORY/{ "{" }service{ "}" }.db o postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_SERVICE_IN_URL = cada servicio tiene su propio archivo: escriba { "{" }service{ "}" } en su nombre, sqlite://DIRECTORY/{ "{" }service{ "}" }.db, o sqlite:///DIRECTORY/{ "{" }service{ "}" }.db para una carpeta que empieza por /
    .role = cada servicio se conecta con su propio rol: escriba tally_{ "{" }service{ "}" } como rol, postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_PEER_IN_CLEAR = { $address } está fuera del bucle local: se espera https://host:port
SETTING_HTTP_IN_CLEAR = { $ip } está fuera del bucle local, y la pasarela no usa TLS: haga que escuche en el bucle local detrás de un proxy que lo use, o defina server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay si la propia red cifra
SETTING_NO_NETWORK = “{ $text }” no es una red: escriba una dirección con la longitud de su prefijo, por ejemplo 10.0.0.0/8
SETTING_NO_ORIGIN = “{ $text }” no es un origen: escriba el esquema y el host en minúsculas y sin ruta, por ejemplo https://hr.example, o * para todos
SETTING_CERTIFICATE_AND_KEY = un certificado y su clave van juntos: defina los dos o ninguno
SETTING_LISTEN_IN_CLEAR = { $ip } está fuera del bucle local: defina server.tls_certificate y server.tls_key
SETTING_KEYS_GENERATED = { $ip } está fuera del bucle local, donde no sirven las claves generadas: indique un directorio
SETTING_PASSPHRASE_TWICE = también está definido keys.passphrase: defina uno de los dos
SETTING_LOG_LEVELS = “{ $part }” no es un nivel ({ $levels }) ni MODULE=LEVEL, por ejemplo tally_store=debug; varios se separan con comas
SETTING_AUTHORITY_ALONE = indica quién firma los certificados de quienes llaman, y este servidor no usa TLS: defina también server.tls_certificate y server.tls_key
SETTING_NO_CERTIFICATE = el archivo { $file } no contiene ningún certificado legible: indique un archivo PEM con -----BEGIN CERTIFICATE-----
SETTING_NO_PRIVATE_KEY = el archivo { $file } no contiene ninguna clave privada legible: indique un archivo PEM con -----BEGIN PRIVATE KEY-----, sin cifrar
SETTING_KEY_OF_ANOTHER = la clave privada de { $file } no corresponde al certificado de { $certificate }: indique la clave para la que se hizo este certificado
SETTING_CERTIFICATE_OVER = el certificado de { $file } ha caducado: era válido hasta el { $until }, y el reloj de esta máquina indica { $now }. Obtenga uno nuevo de quien lo firmó; si el reloj está mal, póngalo en hora
    .early = el certificado de { $file } todavía no es válido: empieza el { $from }, y el reloj de esta máquina indica { $now }. Si el reloj está mal, póngalo en hora; si no, espere, o indique el certificado anterior
SETTING_CERTIFICATE_OF_ANOTHER = el certificado de { $file } no está firmado por la autoridad de { $authority }, por la que este proceso y los servicios a los que llama (peers) se reconocen: indique la autoridad que lo firmó, o un certificado firmado por esta
SETTING_REDIS_URL = se espera redis://HOST:PORT, o rediss://HOST:PORT para TLS; la contraseña va antes del host, redis://:PASSWORD@HOST:PORT
SETTING_ENDPOINT = se espera la dirección de un recolector, por ejemplo http://127.0.0.1:4317
SAMPLE_NEEDS_ALL = --sample necesita todos los servicios en un solo proceso, y { $name } no está indicado
EXPECT_ADDRESS = una dirección y un puerto, por ejemplo 127.0.0.1:7070
EXPECT_ONE_OF = uno de { $words }
EXPECT_WHOLE_NUMBER = un número entero
    .to = un número entero de 0 a { $most }
EXPECT_TRUE_OR_FALSE = true o false
EXPECT_TEXT = un texto
EXPECT_LIST = una lista, por ejemplo ["a", "b"] o a,b
EXPECT_OTHER = un valor de otro tipo
EXPECT_UUID = un UUID
EXPECT_DATE = una fecha, por ejemplo 2026-03-31
EXPECT_INSTANT = un instante con su diferencia horaria, por ejemplo 2026-03-31T09:00:00+08:00
EXPECT_FROM_TO = de { $from } a { $to }
ARG_VALUE_WRONG = { $arg }: “{ $value }” no sirve; se espera: { $expected }
ARG_WITHOUT_VALUE = { $arg } necesita un valor
ARG_VALUES_WRONG = { $arg }: se espera otro número de valores
ARG_UNKNOWN = no existe el argumento { $arg }
    .near = no existe el argumento { $arg }; ¿quiso decir { $near }?
COMMAND_UNKNOWN = no existe el comando { $name }
    .near = no existe el comando { $name }; ¿quiso decir { $near }?
COMMAND_MISSING = indique un comando: { $known }
ARG_MISSING = falta: { $arg }
ARG_CONFLICT = { $arg } no se puede usar junto con { $other }
ARG_NOT_TEXT = un argumento no es texto UTF-8
ARG_USAGE = escriba: { $usage } (--help dice más)

## The command line: pages

SHOW_NOT_DONE = No realizado
SHOW_NOT_DONE_STEP = { $step }: { $why }
SHOW_REST_IS_THERE = Todo lo anterior está en la carpeta de resultados; una vez corregida la causa, el mismo comando con otro --out hace también el resto.
RUNG_TAG = nombrado por la plataforma
RUNG_HANDOVER = tenía la cuenta por traspaso
RUNG_SOLE = única persona de servicio
RUNG_INFERRED = deducido de quién estaba ocupado y cuándo
RUNG_EQUAL = compartido por igual entre quienes estaban de servicio
RUNG_SPLIT = compartido entre colaboradores
RUNG_CLAIM = reivindicado con un clic
RUNG_DEVICE = por el dispositivo
RUNG_REPLIES = ponderado por las horas de las respuestas
RUNG_TAG_SHARE = ponderado por los nombres cercanos
RUNG_TEAM = compartido por el equipo, no se sabe nada más
RUNG_UNATTRIBUTED = no atribuido a nadie
STEP_DUTY = personas, cuentas, tiempo de servicio
STEP_RECORDS = registros
STEP_REPLIES = mensajes de los registros
STEP_CLAIMS = las reivindicaciones
STEP_RATES = los tipos de cambio
STEP_OBSERVATIONS = las observaciones
STEP_CYCLE = atribución y puntuaciones
STEP_PUBLISH = publicación
STEP_SETTLEMENT = liquidación
STEP_CREDITS = partes atribuidas
STEP_TOTALS = totales
STEP_CARDS = fichas de puntuación
STEP_STATEMENTS = extractos
STEP_FINDINGS = hallazgos
STEP_INPUTS = datos de entrada
PROGRESS_READING = lectura
PROGRESS_MAKING = creación de un mes
PROGRESS_COUNTING = recuento
PROGRESS_ROWS = filas
KIND_MISSING_PUNCH = una entrada sin su salida, o al revés
KIND_UNCOVERED_SHIFT = con turno asignado, y marcaciones ese día solo a otras horas: el turno no cuenta
KIND_BARELY_COVERED_SHIFT = con turno asignado, y marcaciones ese día para otro turno: de este no cuenta más que el borde
KIND_HELD_BY_OTHERS = con turno asignado, y solo otras personas tenían la cuenta por traspaso: el turno no cuenta
KIND_NOT_EMPLOYED = un turno, una marcación o una tenencia de alguien que no tiene empleo en ese momento
KIND_DOUBLE_IN = dos marcaciones de entrada: cuenta la segunda
KIND_OVERLAP = varias personas tenían una misma cuenta a la vez
KIND_MISSING_RELEASE = tomó una cuenta y nunca la devolvió
KIND_RELEASE_WITHOUT_TAKE = devolvió una cuenta sin tenerla
KIND_UNHELD_ACCOUNT = nadie estaba de servicio para una cuenta, o para algunos de sus registros
KIND_NO_DUTY_EVIDENCE = ningún plan de turnos, marcación ni traspaso: todo el equipo cuenta como de servicio
KIND_NOT_SETTLED = la bolsa no se pudo repartir
KIND_ODD_PUNCHES = un número impar de marcaciones en un día: la última no tiene pareja
KIND_SINGLE_PUNCH = una única marcación en un día no tiene pareja
KIND_PUNCHES_BETWEEN = se omitieron las marcaciones entre la primera y la última de un día
KIND_LONG_PRESENCE = una presencia de más de 13 horas a partir de marcaciones sin sentido indicado
KIND_READ_AS_NIGHT = marcaciones sin sentido indicado que se tomaron como noches
KIND_DAY_OR_NIGHT = marcaciones sin sentido indicado que pueden ser días o noches: se toman como días
KIND_TAG_OFF_DUTY = un registro nombra a alguien que no estaba de servicio; cuenta el nombre
KIND_NAMED_WITHOUT_AGENT = el registro de una cuenta nominativa no nombra a nadie
KIND_MIXED_WITHOUT_TAG = registros de una cuenta mixta sin nombre
KIND_TOO_FEW_TO_INFER = muy pocos registros para deducir: compartidos por igual
KIND_SEVERAL_AT_ONCE = varias conversaciones a la vez distinguen muy poco a las personas: se comparte por igual
KIND_TOO_FEW_REPLIES = muy pocas respuestas por persona para distinguirlas: se comparte por igual
KIND_REPLIES_TOO_DENSE = las respuestas llegan demasiado seguidas para distinguir a las personas por sus horas: se comparte por igual
KIND_EVIDENCE_UNEVEN = algunas personas indican como suyo mucho más que otras: ponderado según lo que cada cual deja sin indicar
KIND_CLOCK_WITHOUT_SECONDS = el reloj de las respuestas no tiene segundos: se comparte por igual
KIND_CLAIM_OFF_DUTY = una reivindicación de alguien que no estaba de servicio no cuenta
KIND_CLAIM_WITHOUT_RECORD = una reivindicación de una conversación que nunca llegó
KIND_CLAIMS_DIFFER = varias personas reivindican un mismo registro, o se nombra a otra
KIND_DEVICE_OFF_DUTY = el dispositivo de alguien que no estaba de servicio no cuenta
KIND_DEVICE_OF_SEVERAL = el dispositivo de varias personas a la vez no cuenta
KIND_DEVICE_OF_NOBODY = se usó un dispositivo cuando no era de nadie: mal escrito, de una estación sin turnos, o vinculado a otros días
KIND_EVIDENCE_NOT_READ = reivindicaciones, dispositivos u horas de mensajes que la versión de la política no tiene en cuenta
KIND_REPLY_OUTSIDE_RECORD = las respuestas anteriores o posteriores a su registro no cuentan
KIND_BREAKS_NOT_PUNCHED = horas de servicio sin interrupción y sin trabajo: pausas que nadie marcó
KIND_CLOCKS_APART = mensajes con un reloj que difiere en minutos del de sus registros, leídos según este último
KIND_DID_NOT_SETTLE = la deducción no se estabilizó: se comparte por igual
KIND_CONTRIBUTOR_UNKNOWN = un registro nombra a un colaborador desconocido
KIND_CONTRIBUTOR_OFF_DUTY = un registro nombra a un colaborador que no estaba de servicio; cuenta el nombre
KIND_CONTRIBUTORS_NOT_SPLIT = los registros nombran colaboradores, y la política no los reparte
KIND_UNKNOWN_AGENT = un registro nombra a alguien desconocido
KIND_AMOUNTS_CONVERTED = se convirtieron montos desde otra moneda
KIND_CONVERTED_ENCODING = un archivo estaba en GBK o UTF-16 y se convirtió
KIND_CONVERTED_SEPARATOR = las columnas estaban separadas por tabulaciones o punto y coma
KIND_MISSING_COLUMN = falta una columna: no se mide nada de ella
KIND_UNKNOWN_COLUMN = nadie lee esta columna; quizá esté mal escrita
KIND_UNKNOWN_FILE = nadie lee este archivo; quizá esté mal escrito
KIND_EMPTY_FILE = un archivo opcional está vacío
KIND_DUPLICATE_RECORD = el mismo registro varias veces: se toma una sola vez
KIND_DUPLICATE_ROW = la misma fila varias veces: se toma una sola vez
KIND_OUTSIDE_PERIOD = se omitieron registros fuera del período con sus mensajes, y reivindicaciones hechas fuera de él, o no cuentan observaciones fuera de él
KIND_DAMAGED_ID = ID, clientes u otros valores que una hoja de cálculo puede haber dañado
KIND_HOUR_TWICE = los relojes se atrasaron: una hora ocurrió dos veces
KIND_NO_VALUE = las celdas que indican que no hay valor se tomaron como vacías
KIND_CLEANED_CELL = se leyeron celdas sin los caracteres invisibles o los decimales que agregó una exportación
KIND_LONG_RECORD = hay registros que duran un día o más
KIND_REPLIES_TOO_MANY = un registro tiene más mensajes de los que puede tener
KIND_POPULATION_OF_NOBODY = la población nombra un puesto o un grado que nadie tiene
KIND_TRANSFER = alguien continúa en otra unidad, puesto o grado
KIND_REHIRE = alguien se fue y volvió
KIND_TEAM_WITHOUT_PEOPLE = el equipo de una cuenta no tiene personas
KIND_BRANCH_WITHOUT_PEOPLE = una sucursal no tiene personas
KIND_MEASURE_NOT_SENT = nadie tiene datos de una medida: su indicador no cuenta para nadie
KIND_OBSERVATIONS_BEYOND_PERIOD = hay observaciones que sobrepasan el período: no cuentan
KIND_OBSERVATIONS_UNREAD = ningún indicador lee la medida de unas observaciones; quizá esté mal escrita
KIND_REFUND_EXCEEDS_SALE = hay reembolsos mayores que su venta
SHOW_HEADLINE = { $group }, del { $from } al { $to }
SHOW_SIZE =
    { $records ->
        [one] { $records } registro de servicio
       *[other] { $records } registros de servicio
    } en { $accounts ->
        [one] { $accounts } cuenta
       *[other] { $accounts } cuentas
    }, { $people ->
        [one] { $people } persona
       *[other] { $people } personas
    }
SHOW_REJECTED =
    { $count ->
        [one] se rechazó { $count } fila: rejected.csv indica por qué y qué cambiar
       *[other] se rechazaron { $count } filas: rejected.csv indica cuáles, por qué y qué cambiar
    }
SHOW_NOT_SPLIT = La bolsa no se repartió
SHOW_SCORES_KEPT = Las atribuciones, las fichas de puntuación y los hallazgos están completos; corrija esto y cierre de nuevo el mes.
SHOW_NO_POOL = Sin bolsa no hay liquidación
SHOW_NO_POOL_HINT = Ponga un pool.yaml en el paquete para convertir las puntuaciones en dinero.
SHOW_POOL = La bolsa
SHOW_AMOUNT = monto
SHOW_TO_PEOPLE =
    para { $people ->
        [one] { $people } persona
       *[other] { $people } personas
    }
SHOW_TO_FUND = para el fondo del equipo
SHOW_THREE_STATEMENTS = Tres extractos, al céntimo
SHOW_BESIDE_EQUAL = Un reparto igual habría pagado a cada persona alrededor de { $equal }: { $more } personas reciben más (hasta +{ $most }), { $less } reciben menos (hasta { $least }).
SHOW_STATEMENT_HEAD = { $name } { $number }: { $total }  (reparto igual: { $equal })
SHOW_WORTH_A_LOOK = Conviene revisarlo (findings.csv contiene cada caso)
SHOW_TIMINGS = Cuánto tardó, y la huella
SHOW_SECONDS = { $step } { $seconds } s
SHOW_IN_ALL = { $total } s en total: { $longest }
SHOW_SAME_DIGEST = los mismos archivos la dan en cualquier día y máquina
SHOW_WHO_SERVED = Quién atendió qué, y con qué seguridad lo sabemos
SHOW_CERTAIN =
    { $certain } se basan en un nombre o en una sola persona; { $rest ->
        [one] { $rest } registro no se atribuye a nadie, con su motivo.
       *[other] { $rest } registros no se atribuyen a nadie, cada uno con su motivo.
    }
SHOW_BUSIEST = Las cuentas compartidas con más actividad (intervalos del 90 %)
SHOW_WORTH = Qué aportarían más indicios
SHOW_WORTH_SAID = Registros que se espera que se atribuyan a una persona distinta de quien los atendió, ahora y con más indicios: lo que se espera, no lo que se promete. evidence.csv contiene todas las cuentas.
SHOW_COLUMN_NOW = ahora
SHOW_COLUMN_BREAKS = pausas marcadas
SHOW_COLUMN_DEVICES = dispositivos en el 30 %
SHOW_COLUMN_CLAIMS = mitad reivindicada
SHOW_COLUMN_RECORDS = registros
SHOW_COLUMN_INTERVAL = intervalo del 90 %
SHOW_COLUMN_CERTAIN = seguros
SHOW_COLUMN_ACCOUNT = cuenta
SHOW_OTHERS =
    { $others ->
        [one] { $others } más
       *[other] { $others } más
    }
SHOW_SCORES =
    { $people ->
        [one] Puntuación de { $people } persona
       *[other] Puntuaciones de { $people } personas
    } ({ $scheme })
SHOW_OUTSIDE =
    { $people ->
        [one] { $people } persona fuera de la población no tiene
       *[other] { $people } personas fuera de la población no tienen
    } ficha ni pago aquí; registros atribuidos: { $records }
SHOW_COLUMN_PLACE = #
SHOW_COLUMN_WHO = quién
SHOW_COLUMN_TEAM = equipo
SHOW_COLUMN_CREDITED = atribuidos
SHOW_COLUMN_SCORE = puntuación
SHOW_COLUMN_COLLABORATION = colaboración
SHOW_CARD = { $name } { $number }: { $score } puntos, posición { $rank } de { $of }
SHOW_COLLABORATION = Colaboración: { $outside } de { $credited } registros ajenos al turno o al equipo propio agregan { $points } puntos.
SHOW_RECORD = Registro { $id } en { $account }
SHOW_EVIDENCE = Indicios: { $evidence } (política { $version })
SHOW_NOTHING_CREDITED = Ningún registro del mes se atribuye a esta persona.
SHOW_ALL_ACCOUNTS = todas
SHOW_SCORE_STEPS = La puntuación, paso a paso
SHOW_STATEMENT = El extracto
SHOW_RECORDS_BEHIND = Registros en que se basa: { $shown } de { $all } (credits.csv los contiene todos)
DEMO_TRUTH = A qué distancia de la verdad (la demostración la conoce)
DEMO_RIGHT = correcto, registro por registro
DEMO_WRONG = incorrecto en el mes
DEMO_EQUALLY = cada registro repartido por igual entre el equipo
DEMO_AS_TALLY = como los atribuye Tally
DEMO_TRUTH_SAID = En los { $records } registros en que ninguna plataforma nombró a nadie: cuánto de un registro llega a quien lo atendió, y cuánto del trabajo del mes figura con otro nombre una vez que los errores se compensan.
DEMO_INTERVALS = { $holding } de los { $totals } intervalos de personas en estas cuentas contienen la verdad.
DEMO_RUNGS_SAID = Qué indicios lo consiguen, peldaño a peldaño:
DEMO_RUNG_RECORDS = registros
DEMO_RUNG_EQUALLY = correcto con reparto igual
DEMO_RUNG_TALLY = correcto según se atribuye
DEMO_RUNG_GAIN = parte de la mejora
DEMO_SKILLS = Qué mostró el mes sobre habilidades y cobertura
DEMO_LATE = los indicios aún están en camino
DEMO_PROFILE = { $name } { $number }: atendió { $accounts } ({ $platforms }); colaboración { $points }
DEMO_STANDARD = { $scheme } (el estándar del grupo)
DEMO_USER_BRANCH_HR = cierra el mes de { $branch }; no ve ninguna otra sucursal
DEMO_BRANCHES = Cada sucursal cierra su propio mes
DEMO_BRANCHES_SAID = A partir de la misma atribución, cada una con su propia adaptación del estándar del grupo, que permite a una sucursal dar a un indicador hasta { $within } puntos de peso más o menos. Las posiciones son dentro de la sucursal.
DEMO_COLUMN_BRANCH = sucursal
DEMO_COLUMN_FAVOURS = pesa más
DEMO_COLUMN_PEOPLE = personas
DEMO_COLUMN_CREDITED = de los registros
DEMO_COLUMN_FIRST = primer lugar
DEMO_COLUMN_SCORE = puntuación
DEMO_COLUMN_IN_GROUP = posición en el grupo
DEMO_MANAGERS =
    { $people ->
        [one] Ficha de { $people } persona que no atiende a nadie
       *[other] Fichas de { $people } personas que no atienden a nadie
    }
DEMO_MANAGERS_SAID = Según lo que tuvieron sus equipos, cada equipo tal como era cada día, en porcentaje.
DEMO_MANAGERS_SCHEME = Responsables
DEMO_RIGHT_HEADING = { $branch } se rectifica después de publicarse y pagarse
DEMO_RIGHT_PAID =
    Se pagaron { $amount } a { $people ->
        [one] { $people } persona
       *[other] { $people } personas
    }.
DEMO_RIGHT_RATINGS =
    Luego la plataforma envía de nuevo { $ratings ->
        [one] { $ratings } valoración de { $account }, rebajada a 1
       *[other] { $ratings } valoraciones de { $account }, cada una rebajada a 1
    }. { $cycles ->
        [one] { $cycles } ciclo se basa
       *[other] { $cycles } ciclos se basan
    } en ellas; lo publicado y contabilizado se queda como está.
DEMO_RIGHT_REASON = Los compradores cambiaron después sus valoraciones
DEMO_RIGHT_CARDS =
    La corrección da a { $people ->
        [one] { $people } persona una versión nueva de su ficha
       *[other] { $people } personas una versión nueva de su ficha
    }.
DEMO_RIGHT_DELTAS =
    { $people ->
        [one] { $people } persona recibe otro monto
       *[other] { $people } personas reciben otro monto
    }: { $more } más y { $less } menos, con la próxima liquidación de la sucursal. Las mayores diferencias:
DEMO_RIGHT_CARD = Lo que lee { $name }:
DEMO_COLUMN_WHO = quién
DEMO_COLUMN_PAID = se pagó
DEMO_COLUMN_RIGHT = corresponde
DEMO_COLUMN_DELTA = diferencia
DEMO_NEXT = Qué sigue
DEMO_OWN_MONTH = su propio mes; docs/bundle.md indica qué va en la carpeta
DEMO_AGAIN = este mes otra vez, con archivos para consultar
DEMO_COPY = escribir este mes como archivos, para copiar de ellos
DEMO_WHY = por qué una persona o un registro resultó así
DEMO_REPLAY = recalcularlo y comparar cada byte
DEMO_CONSOLE = Abra http://{ $address } en un navegador; Ctrl-C lo termina
DEMO_FIRST = Qué mirar primero: { $agent } ve el mes y el pago de un agente, { $supervisor } quién tenía una cuenta y cuándo, hr1 cierra un mes, payroll, approver y payer lo pagan, auditor lo ve todo.
DEMO_GRPC = gRPC: http://{ $address }
DEMO_PASSWORD = Una contraseña para todas las personas, creada para esta ejecución: { $password }
DEMO_TOKEN = Un token: { $command }
DEMO_HTTP = REST, con JSON: http://{ $address }/openapi.json indica qué hay
DEMO_CLOCK = El reloj del grupo estuvo en el día siguiente a su mes mientras se cerraba, y sigue desde ahí. No se conserva nada.
DEMO_USER_ADMIN = organiza el grupo y da roles; no ve la puntuación ni el pago de nadie
DEMO_USER_HR = personas, tiempo de servicio, ciclos; no ve el pago de nadie
DEMO_USER_PAYROLL = bolsas y liquidaciones; no puede aprobar las suyas
DEMO_USER_APPROVER = aprueba lo que preparó otra persona
DEMO_USER_PAYER = contabiliza lo que otras dos personas prepararon y aprobaron
DEMO_USER_AUDITOR = lo lee todo, no cambia nada
REPLAY_VERSION = { $what }: el resultado se calculó con { $then }, este es { $now }
REPLAY_TZDB = base de datos de zonas horarias
REPLAY_IDENTICAL = idéntico: { $files } archivos, huella { $digest }
REPLAY_NOT_COVERED = sin comparar, porque los datos de entrada no contienen aquello de lo que se hicieron: { $files }
REPLAY_ALTERED = alterado: { $what }
REPLAY_DIFFERENT = distinto: { $file }, línea { $line }
REPLAY_MISSING = falta en la carpeta: { $file }
REPLAY_INPUT_CHANGED = inputs/{ $file }: se cambió su contenido
REPLAY_INPUT_MISSING = inputs/{ $file }: falta o no se puede leer
REPLAY_INPUT_ADDED = inputs/{ $file }: se agregó
REPLAY_IN_FOLDER = en la carpeta: { $line }
REPLAY_RECOMPUTED = recalculado:   { $line }
REPLAY_ENDS = (el archivo termina antes de esta línea)

## Replaying over the rpcs


## The command line: help. HELP_ and the name of a command, its arguments by name; HELP_SHARED has what several take alike

PAGE_USAGE = Uso:{ " " }
PAGE_COMMANDS = Comandos:
PAGE_ARGUMENTS = Argumentos:
PAGE_OPTIONS = Opciones:
PAGE_DEFAULT = { " " }[predeterminado:{ "\u00A0" }{ $value }]
PAGE_VALUES = { " " }[valores posibles:{ "\u00A0" }{ $values }]
PAGE_ENV = { " " }[env:{ "\u00A0" }{ $name }]
HELP_SHARED =
    .help = Mostrar la ayuda
    .version = Mostrar la versión
    .bundle = Carpeta con people.csv, accounts.csv, records.csv y lo demás que haya (docs/bundle.md)
    .from = Primer día del período, por ejemplo 2026-03-01, junto con --to; de forma predeterminada el período de group.yaml, si no el mes que contiene todos los registros
    .to = Último día del período, por ejemplo 2026-03-31, que forma parte de él
    .lang = Idioma de las frases, y de los nombres en `tally demo`; también puede ir antes del comando; de forma predeterminada el del entorno (LC_ALL, LC_MESSAGES, LANG)
    .plain-csv = CSV para programas: sin la marca de orden de bytes, y sin el apóstrofo delante de las celdas que empiezan como una fórmula, que las hojas de cálculo necesitan
    .json = Mostrar el resumen como JSON y nada más
    .server = Dónde escucha la suite, por ejemplo https://tally.example:7070; de forma predeterminada client.server de la configuración, si no donde `tally login` inició sesión por última vez, si no http://127.0.0.1:7070
    .ca = Archivo de la autoridad que firma el certificado del servidor (PEM); de forma predeterminada aquellas en las que confía esta máquina
    .client-cert = Archivo de la cadena de certificados que se presenta a un servidor que exige uno (PEM), junto con --client-key
    .client-key = Archivo de la clave privada de --client-cert (PEM)
    .token-file = Archivo que contiene un token, o - para la entrada estándar; de forma predeterminada el que recuerda `tally login`, si no la entrada estándar
    .config = Archivo de configuración (TOML)
    .set = Definir una clave, por ejemplo database.url=postgres://..; se puede repetir
    .dump-config = Mostrar la configuración vigente, con los secretos ocultos, y terminar
HELP_TALLY = Quién hizo qué trabajo, cuánto valió, cuánto se paga por él, y por qué
HELP_HELP = Mostrar esta página, o la de un comando
HELP_DEMO = Mostrar el trabajo principal con un grupo inventado: un mes de registros se convierte en extractos, en SQLite y en una carpeta temporal
    .once = Terminar después del resumen en lugar de atender el grupo
    .seed = Número con el que se crea el grupo: otro número crea otro grupo
    .records = Cuántos registros de servicio tiene aproximadamente el mes, de 1 a 5 000 000; por debajo de 100 tiene 100
    .bundle = Carpeta nueva o vacía en la que escribir los archivos del mes, para copiar de ellos
    .listen = Dirección y puerto en los que atender después del resumen
    .http = Dirección y puerto de REST después del resumen
HELP_CLOSE = Hacer el trabajo principal con sus propios archivos: un mes de registros se convierte en fichas de puntuación y extractos
    .out = Carpeta del resultado: nueva o vacía
    .explain = Explicar después un registro (external_id) o una persona (número de empleado o nombre)
    .database = Trabajar en PostgreSQL en lugar de SQLite en una carpeta temporal: la URL del propietario de una base vacía
HELP_IMPORT = Importar los archivos de un mes en una suite en funcionamiento, e indicar qué hay en ella antes y después
    .out = Carpeta para report.json, findings.csv, rejected.csv y refused.csv
    .accept-damaged = Escribir las filas aunque una hoja de cálculo haya acortado ID o clientes: la suite los conserva así para siempre
    .json = Mostrar el informe como JSON y nada más
HELP_REPLAY = Recalcular una carpeta de resultados a partir de sus propios datos de entrada, e indicar si resulta lo mismo y qué archivos no abarca
    .dir = Carpeta de resultados, tal como la escribió `tally close`
    .json = Mostrar el veredicto como JSON y nada más
HELP_SERVE = Ejecutar uno, varios o todos los servicios
    .services = Qué servicios, separados por comas, por ejemplo identity,attendance; de forma predeterminada los de la configuración, que son todos
    .listen = Dirección y puerto en los que escuchar; de forma predeterminada los de la configuración, 127.0.0.1:7070
    .http = Dirección y puerto de la pasarela, si este proceso la tiene; de forma predeterminada los de la configuración, 127.0.0.1:8080
    .sample = Empezar con el grupo inventado de `tally demo` en una base vacía
HELP_INIT = Crear el grupo y su primer administrador en una base vacía
    .name = Nombre del grupo
    .currency = Moneda del grupo (ISO 4217)
    .zone = Zona horaria del grupo (IANA)
    .regions = Regiones del grupo, separadas por comas, por ejemplo cn-east,cn-south
    .tenant-id = ID del grupo, elegido de antemano o el de la instancia de otra región; si la base ya contiene ese mismo grupo, no se cambia nada y no es un error
    .login = Nombre de usuario del primer administrador
    .password-file = Archivo que contiene la contraseña del administrador (12 caracteres como mínimo); sin él, la contraseña es la primera línea de la entrada estándar
    .invitation-file = Archivo que contiene lo que mostró `tally invite`, si la base ya contiene otro grupo
HELP_INVITE = Mostrar una invitación para crear un grupo más en una base que ya contiene uno (PostgreSQL)
    .tenant-id = ID del grupo, si una instancia de otra región ya creó el grupo; de forma predeterminada un grupo nuevo
    .days = Durante cuántos días es válida, 30 como máximo
HELP_MIGRATE = Actualizar la base de datos (PostgreSQL: con la URL del propietario)
HELP_LOGIN = Cambiar una contraseña, la primera línea de la entrada estándar, por un token que usan los comandos siguientes
    .login = Nombre de usuario
    .code = Los seis dígitos de su aplicación de autenticación, o un código de recuperación, si tiene un segundo factor
    .new-password = Se le dio la contraseña para un solo inicio de sesión: la segunda línea de la entrada estándar es la nueva
HELP_USER = Dar acceso a personas y programas
HELP_USER_CREATE = Crear un usuario con un rol, en todo el grupo o en una unidad
    .login = Nombre de usuario
    .role = El rol, por ejemplo group_hr, o branch_hr con --unit
    .unit = La unidad, por ejemplo East, con todo lo que está por debajo si el rol llega hasta ahí; de forma predeterminada todo el grupo
    .password-file = Archivo que contiene la primera contraseña (12 caracteres como mínimo), o - para la entrada estándar
HELP_USER_GRANT = Dar a un usuario un rol más, o el que le falta
    .login = Nombre de usuario
    .role = El rol, por ejemplo group_hr o auditor
    .unit = La unidad, por ejemplo East/Chat, con todo lo que está por debajo si el rol llega hasta ahí; de forma predeterminada todo el grupo
HELP_TENANT = Llevarse los datos de un grupo entero
HELP_TENANT_EXPORT = Escribir en una carpeta todo lo que cada servicio guarda del grupo, un archivo de líneas JSON por tabla
    .out = La carpeta; no debe existir
    .quiet = No mostrar el avance
HELP_PERSON = Extraer lo que se guarda sobre una persona
HELP_PERSON_EXPORT = Escribir en un archivo JSON todo lo que cada servicio guarda sobre una persona
    .person = La persona: el número de empleado, o el ID (UUID)
    .out = El archivo; no debe existir
HELP_RETENTION = Gestionar cuánto tiempo se conservan los datos
HELP_RETENTION_RUN = Eliminar de cada servicio lo que ya venció según el plan de conservación del grupo
HELP_AUDIT = Consultar el registro de auditoría
HELP_AUDIT_VERIFY = Recalcular la cadena de cada servicio, buscar la entrada de cada fila e indicar lo que está mal
    .heads = Carpeta de cabezas firmadas por las que deben pasar los registros de auditoría; de forma predeterminada la de la configuración
HELP_AUDIT_SEARCH = Indicar quién vio o cambió qué sobre una persona, qué hizo una identidad de acceso, o qué se hizo con un objeto; lo más reciente primero
    .person = Sobre esta persona (UUID)
    .principal = Por esta identidad de acceso (UUID), o en su nombre
    .subject = Hecho con este objeto, por ejemplo statement:0199..
    .from = No antes de este instante (RFC 3339), por ejemplo 2026-03-01T00:00:00+08:00
    .to = Antes de este instante (RFC 3339)
    .json = Mostrar un objeto JSON por línea
HELP_SCHEME = Llevar un estándar del grupo de una instancia a otra, y empezar con un esquema existente
HELP_SCHEME_EXPORT = Mostrar el archivo firmado de un esquema del grupo, con todas sus versiones
    .name = Su nombre
    .from = La región que abandona, si la instancia atiende varias
HELP_SCHEME_IMPORT = Importar un archivo que exportó la instancia de otra región
    .file = El archivo
HELP_SCHEME_TEMPLATE = Mostrar un esquema de partida como scheme.yaml, o indicar cuáles hay
    .name = Nombre del esquema; sin él se muestran todos
    .out = Archivo en el que escribirlo, que no debe existir todavía
HELP_ACCESS = Indicar quién puede hacer qué, para una revisión
HELP_ACCESS_REVIEW = Indicar como CSV quién tiene un permiso, por qué autorización, delegación o acceso de emergencia, desde cuándo y de quién; la autorización más reciente primero
    .permission = El permiso, por ejemplo compensation.statement.read_pay para leer los pagos
HELP_KEYS = Gestionar las claves: las que firman los tokens, y las de lo que está sellado en la base de datos
HELP_KEYS_MAKE = Crear la carpeta de claves con todos sus archivos, para los secretos de un clúster; lo que ya existe se queda como está
HELP_KEYS_PROTECT = Cifrar seal.key con una frase de contraseña, o cambiar la frase de contraseña
    .new-passphrase-file = Archivo que contiene la nueva frase de contraseña (12 caracteres como mínimo); sin él, la frase de contraseña es la primera línea de la entrada estándar
HELP_KEYS_ROTATE = Crear claves nuevas mientras los servicios trabajan, y sellarlo todo con ellas; continúa donde se detuvo una ejecución anterior
    .what =
        Qué claves; de forma predeterminada master y data
        file: solo agregar una clave maestra a seal.key, para distribuir el archivo antes de que algo se envuelva con ella
        master: la clave maestra de seal.key; rápido, no se vuelve a sellar nada
        data: las claves de datos; cada fila sellada se vuelve a sellar
HELP_KEYS_ROTATE_SIGNING = Dar a un servicio una clave nueva con la que firmar tokens; los procesos en marcha la toman por sí mismos en un minuto
    .service = El servicio, por ejemplo identity

## The command line: what was done

CANNOT_MAKE_TEMPORARY = no se puede crear una carpeta temporal: { $error }
CANNOT_REPLACE = no se puede reemplazar { $file }: { $error }
CANNOT_CREATE = no se puede crear { $file }: { $error }
CANNOT_WRITE_TO = no se puede escribir en { $folder }: { $error }
OUTPUT_LOST = no se pudo escribir toda la salida: { $error }
CANNOT_START = no se puede iniciar: { $error }
CANNOT_LISTEN = no se puede escuchar en { $address }; indique otra dirección con { $flag }, o termine después del resumen con --once: { $error }
NOT_OF_TALLY = { $file } no es lo que escribe tally, a partir de la línea { $line }, columna { $column }
SAMPLE_SKIPPED = la base ya contiene un grupo: --sample la deja como está
SERVING_HTTP = la pasarela está en http://{ $address }, y lo que ofrece en http://{ $address }/openapi.json
SAMPLE_FILLED = Se llenó con el grupo de ejemplo. Una contraseña para todas las personas, que se muestra solo esta vez: { $password }
SERVING = atendiendo { $services } en { $scheme }://{ $address }
NO_GROUP_YET = todavía no hay ningún grupo en esta base, así que nadie puede iniciar sesión: detenga este proceso, escriba `tally init --name "My group"` con la misma configuración, e inícielo de nuevo
    .beside = todavía no hay ningún grupo en esta base, así que nadie puede iniciar sesión: escriba `tally init --name "My group"` con la misma configuración sin detener este proceso
REGION_OF_NO_GROUP = server.regions indica { $region }, y ningún grupo de esta base tiene esa región (existen { $known }): este proceso no atiende filas de ninguna otra región; corrija server.regions, o déjelo vacío para atenderlas todas
REDIS_AWAY = Redis no responde en { $at } (redis.url). Todo funciona sin él: hasta que vuelva, cada proceso cuenta las llamadas por su cuenta, y los consumidores buscan eventos cada pocos segundos en lugar de ser avisados
FILE_SWITCH = { $switch }: { $why }
ASK_PASSWORD_TWELVE = contraseña (12 caracteres como mínimo, visible al escribir):{ " " }
ASK_PASSWORD = contraseña (visible al escribir):{ " " }
ASK_NEW_PASSWORD = contraseña nueva (12 caracteres como mínimo):{ " " }
ASK_NEW_PASSPHRASE = frase de contraseña nueva (visible al escribir):{ " " }
NO_PASSWORD_GIVEN = no hay ninguna contraseña en la entrada estándar: escriba una, o pásela por una tubería
SET_EXPECTED = --set { $pair }: se espera KEY=VALUE
SUBJECT_EXPECTED = --subject: se espera KIND:ID, por ejemplo statement:0199..
GROUP_DIFFERS = el grupo { $id } ya se creó en esta base, y difiere de lo que se escribió ({ $differences }): no se cambia nada. Escriba lo que es, o elija otra base
GROUP_DIFFERENCE = { $what } { $there } y no { $typed }
GROUP_WAS_MADE = el grupo { $id } ya se creó en esta base: no se cambia nada
GROUP_MADE = se creó el grupo { $name } ({ $id }) con el administrador { $login }
GROUP_NEXT = a continuación: tally serve, y luego tally login { $login }
OWNER_URL_MISSING = los esquemas de PostgreSQL los crea su propietario: defínalo (TALLY_DATABASE_OWNER_URL) con la URL del propietario, postgres://OWNER:PASSWORD@HOST/DATABASE
OWNER_URL_ALONE = es SQLite mientras está definido database.owner_url: defínalo (TALLY_DATABASE_URL) con la URL con la que se conectan los servicios, o quite database.owner_url
MIGRATED = { $service }: { $ran }
UP_TO_DATE = al día
AUDIT_VERIFIED = { $service }: { $entries } entradas, { $rows } filas, { $heads } cabezas exportadas: { $verdict }
AUDIT_INTACT = íntegro
AUDIT_ON_BEHALF = { " " }en nombre de { $id }
AUDIT_FAULT = { $table } de { $stream }: { $place } { $defect }
AUDIT_PLACE = la entrada { $at }
    .unnumbered = una entrada sin número
    .named = { $place } ({ $id })
    .row = la fila { $row }
    .row-of = la fila { $row } (entrada { $id })
    .line = la línea { $row }
AUDIT_DEFECT = no es lo que escribió el servicio
    .chain = no se sigue de la entrada anterior (insertada, reemplazada o movida)
    .missing = falta
    .truncated = falta, y todo lo posterior hasta la cabeza firmada
    .beyond = está más allá de la cabeza firmada
    .head = es la cabeza, cuya firma falta o no es la del servicio
    .unnumbered = espera una posición desde hace más de cinco segundos: ¿hay un secuenciador en marcha?
    .forked = no es la entrada cuya cabeza se exportó: se reemplazó el registro de auditoría anterior a ella
    .older = falta, aunque se exportó una cabeza posterior: se repuso un registro de auditoría más antiguo
    .exported = no es una cabeza de este servicio, o retrocede más allá de una línea anterior
    .unaccounted = no tiene entrada de auditoría: ninguna unidad de trabajo la escribió
    .borrowed = o una contigua tomó prestada su entrada de auditoría, que escribió menos filas de las que la nombran
AUDIT_FAULTS =
    { $count ->
        [one] { $count } fallo
       *[other] { $count } fallos
    }
AUDIT_FOUND =
    { $count ->
        [one] { $count } entrada
       *[other] { $count } entradas
    }
REVIEW_FOUND =
    { $count ->
        [one] { $count } forma de tener { $permission }
       *[other] { $count } formas de tener { $permission }
    }
INVITE_ONE_GROUP = indica archivos de SQLite, que contienen un solo grupo, así que no se puede invitar a nadie; para varios grupos se necesita PostgreSQL (TALLY_DATABASE_URL=postgres://...)
INVITED = permite crear el grupo { $tenant } durante { $days } días: entregue esta invitación a InitTenant o a `tally init --invitation-file`
KEYS_MADE = { $folder } contiene seal.key y las claves de firma de cada servicio: haga una copia de seguridad
PASSPHRASE_TOO_SHORT = la frase de contraseña nueva es demasiado corta: { $least } caracteres como mínimo
KEYS_PROTECTED = { $file } está protegido por la frase de contraseña nueva
KEYS_PROTECTED_NEXT = a continuación: defina TALLY_KEYS_PASSPHRASE o TALLY_KEYS_PASSPHRASE_FILE para cada servicio, y haga una copia de seguridad del archivo
KEYS_WRAPPED =
    { $service }: { $count ->
        [one] { $count } clave de datos envuelta
       *[other] { $count } claves de datos envueltas
    } con la clave maestra más reciente
KEYS_STOPPED = detenido; no se perdió nada: el mismo comando continúa donde estaba este
MASTER_KEY_ADDED = la clave maestra { $id } está en { $file }: haga una copia de seguridad del archivo
MASTER_KEY_KEPT =
    { $count ->
        [one] { $count } clave de datos está
       *[other] { $count } claves de datos están
    } bajo una clave maestra anterior: no se agrega ninguna otra mientras sea así
KEYS_STEP = { $service }: { $table }.{ $column }, { $rows } filas
KEYS_REPLACED = { $service }: { $keys } claves de datos reemplazadas, { $rows } filas selladas de nuevo ({ $speed } filas/s)
KEYS_REPLACED_RESUMED = { $service }: { $keys } claves de datos de una ejecución anterior reemplazadas, { $rows } filas selladas de nuevo ({ $speed } filas/s)
NO_SUCH_SERVICE = ningún servicio se llama { $service }: indique uno de { $services }
SIGNING_KEY_ROTATED = { $service }: la clave nueva firma desde el { $from }; la anterior sigue siendo válida para lo que firmó
PERSON_EXPORTED =
    escrito en { $file }; { $withheld ->
        [one] se retuvo { $withheld } fila
       *[other] se retuvieron { $withheld } filas
    } que usted no puede leer
    .untold =
        escrito en { $file }; { $withheld ->
            [one] se retuvo { $withheld } fila
           *[other] se retuvieron { $withheld } filas
        } que usted no puede leer; nada comunicaron { $services }: o no se guarda allí nada sobre la persona, o solo filas de unidades y días que usted no alcanza. Quien lee a las personas de todo el grupo lo recibe todo
PERSON_EXPORTED_BEYOND = hay más filas sobre la persona en { $services }, de unidades y días que usted no alcanza. Quien lee a las personas de todo el grupo lo recibe todo
GROUP_EXPORTED = { $rows } filas escritas en { $folder }; { $withheld } retenidas, que usted no puede leer
RETENTION_TAKEN = { $service }: { $rows } filas de { $table } ({ $kind })
RETENTION_DONE =
    { $rows ->
        [one] { $rows } fila eliminada
       *[other] { $rows } filas eliminadas
    }
INPUT_NOT_READ = no se consultó la entrada estándar: --token-file - toma de ella un token
USER_CREATED = { $login } puede iniciar sesión, con el rol { $role }
USER_ROLE_UNKNOWN = no hay ningún rol { $role } que se pueda dar en todo el grupo o en una unidad; no se creó ningún usuario. Existen: { $roles }
    .grant = no hay ningún rol { $role }. Existen: { $roles }
USER_ROLE_WITHOUT_UNIT = el rol { $role } no se da en una unidad: quite --unit
USER_ROLE_OF_A_UNIT = el rol { $role } se da en una unidad: indíquela con --unit
USER_UNIT_UNKNOWN = no hay ninguna unidad { $unit }{ $hint }
USER_GRANTED = { $login } tiene el rol { $role }
    .already = { $login } ya tiene allí el rol { $role }: no se cambió nada
USER_WITHOUT_ROLE = se creó el usuario { $login }, pero no se le dio el rol { $role }: déselo con tally user grant { $login } { $role }{ $on }
IMPORT_INTERRUPTED = usted lo detuvo
IMPORT_CURRENCY = sus montos están en { $said }, y los del grupo en { $is }
IMPORT_CURRENCY_CURE = indique los montos en { $is }, y escriba currency: { $is }
IMPORT_BRANCH_REGION = sitúa la sucursal { $branch } en la región { $said }, y la suite la tiene en { $is }
IMPORT_BRANCH_REGION_CURE = escriba { $is } para { $branch } en branches:, o dé otro nombre a la sucursal
IMPORT_NO_REGION = no indica ninguna región para { $branches }, así que estarían en { $default }, una región que el grupo no tiene
IMPORT_NO_REGION_CURE = escriba dónde está cada una (el grupo tiene { $known }), por ejemplo branches: { "{" }"{ $branch }": { $region }{ "}" }
IMPORT_REGIONS = sitúa sucursales en regiones que el grupo no tiene: { $unknown }
IMPORT_REGIONS_CURE = indique para cada sucursal una de { $known } en branches: de group.yaml, o agregue la región al grupo

## Console

UI_LANGUAGE_NAME = Español
UI_SKIP = Ir al contenido
UI_SCREENS = Pantallas
UI_WAY_HERE = Dónde está
UI_HOME = Inicio
UI_GREETING = Hola, { $name }
UI_LANGUAGE = Idioma
UI_THEME = Colores
UI_THEME_AUTO = Como el sistema
UI_THEME_LIGHT = Claro
UI_THEME_DARK = Oscuro
UI_DENSITY = Filas
UI_DENSITY_COMPACT = Compactas
UI_DENSITY_TOUCH = Para pantalla táctil
UI_ZONE = Zona horaria, por ejemplo Asia/Shanghai
UI_KEEP_CHOICES = Aplicar
UI_SIGN_IN = Iniciar sesión
UI_SIGN_OUT = Cerrar sesión
UI_LOGIN = Nombre de usuario
UI_PASSWORD = Contraseña
UI_CODE = Código
UI_CODE_HINT = Los seis dígitos que muestra su aplicación de autenticación, o un código de recuperación.
UI_NEW_PASSWORD = Contraseña nueva
UI_NEW_PASSWORD_HINT = La contraseña anterior servía para un solo inicio de sesión. Al menos 12 caracteres; lo mejor son cuatro palabras que no tengan relación entre sí.
UI_SESSION_OVER = Su sesión ha terminado. Inicie sesión para continuar; no se pierde nada de lo que envió.
UI_SIGNED_IN_AGAIN = Ha iniciado sesión de nuevo
UI_SEND_AGAIN_SAID = Lo que envió antes sigue aquí, y no se ejecutó.
UI_SEND_AGAIN = Enviar ahora
UI_TO_HOME = Ir al inicio
UI_TRY_AGAIN = Reintentar
UI_FOR_SUPPORT = Para el soporte técnico:
UI_NOT_FOUND = Aquí no hay nada
UI_NOT_ALLOWED = No disponible para usted
UI_NOT_NOW = No es posible en este momento
UI_REFUSED = No se pudo hacer
UI_OPTIONAL = (opcional)
UI_PUT_RIGHT = Corrija lo siguiente:
UI_SAVE = Guardar
UI_CANCEL = Cancelar
UI_REMOVE = Quitar
UI_YES = Sí
UI_NO = No
UI_SEARCH = Buscar
UI_ALL = todo
UI_GROUP_BY = Agrupar por
UI_NOT_GROUPED = Sin agrupar
UI_GROUPED_BY = Por { $column }
UI_COLUMNS = Columnas
UI_SHOW = Mostrar
UI_SHOW_ALL = Mostrar todo
UI_PAGES = Páginas
UI_PREVIOUS = Anterior
UI_NEXT = Siguiente
UI_PAGE_OF = { $page } de { $pages }
UI_ROWS =
    { $count ->
        [one] 1 fila
       *[other] { $count } filas
    }
UI_ROWS_OF =
    { $total ->
        [one] { $count } de { $total } fila
       *[other] { $count } de { $total } filas
    }
UI_EXPORT = Descargar CSV
UI_NOTHING_FITS = Nada coincide con lo que buscó.
UI_NOTHING_THERE = Todavía no hay nada aquí.
UI_NOTHING_TO_DRAW = No hay nada que representar.
UI_LOADING = Cargando…
UI_AS_OF = A fecha de
UI_NAME = Nombre
UI_EMPLOYEE_NO = Número de empleado
UI_UNIT = Unidad
UI_POSITION = Puesto
UI_GRADE = Grado
UI_REGION = Región
UI_SINCE = Desde
UI_STATE = Estado
UI_SHARE = Parte
UI_AMOUNT = Monto
UI_DAY = Día
UI_REASON = Motivo
UI_REASON_HINT = Lo leerá quien consulte esto más adelante.
UI_SURE = Sí, confirmo
UI_NO_PEOPLE = Nadie tiene empleo ese día donde usted puede consultar.
UI_GALLERY = Componentes
NAV_MINE = Lo mío
NAV_TEAM = Equipo
NAV_BRANCH = Sucursal y grupo
NAV_PAY = Pago
NAV_AUDIT = Auditoría
NAV_PLATFORM = Plataforma
NAV_PEOPLE = Personas
FORM_OF_ANOTHER_SITE = esto lo envió otro sitio web: abra la página aquí y envíelo desde ella
FORM_OUTDATED = esta página es de una sesión anterior: cárguela de nuevo y envíelo otra vez

## Console: access

NAV_WHY = Por qué tiene acceso
NAV_REVIEW = Revisión de accesos
NAV_GRANTS = Autorizaciones
NAV_LOGINS = Usuarios
NAV_ROLES = Roles
NAV_DELEGATIONS = Delegaciones
NAV_EMERGENCIES = Accesos de emergencia
NAV_KEYS = Claves de API
NAV_PROVIDERS = Inicio de sesión único
NAV_ACCOUNT = Mi acceso
UI_KIND = Tipo
UI_PERSON = Persona
UI_WHO = Quién
UI_ROLE = Rol
UI_ROLES = Roles
UI_REACH = Alcance
UI_DAYS = Días
UI_CONDITION = Condición
UI_GIVEN_BY = Dado por
UI_GIVEN_AT = Dado el
UI_HOLDS_TODAY = Vigente hoy
UI_HOLDS = Vigente
UI_OVER = Terminado
UI_FIRST_DAY = Primer día
UI_LAST_DAY = Último día
UI_UNTIL_WHEN = Hasta
UI_PERMISSION = Permiso
UI_PERMISSIONS = Permisos
UI_PERMISSIONS_HINT = Nombres separados por comas, por ejemplo attendance.roster.write. Figuran en la página de cada rol.
UI_WHAT_FOR = Para qué
UI_NEW_LOGIN = Nuevo usuario
UI_LOGIN_HINT = Lo que la persona escribe para iniciar sesión; nadie más en esta instancia puede tenerlo.
UI_PASSWORD_HINT = Al menos 12 caracteres; lo mejor son cuatro palabras que no tengan relación entre sí.
UI_LOGIN_OF = Vacío para un usuario que no pertenece a ninguna persona.
UI_RESET_PASSWORD = Contraseña nueva para { $name }
UI_RESET_NOW = Crear una contraseña de un solo uso
UI_RESET_SAID = Todas las sesiones de este usuario terminan. La contraseña se muestra una vez, sirve para un solo inicio de sesión y allí hay que reemplazarla.
UI_FACTOR_LOST = Se perdió el segundo factor: quitarlo también
UI_ONE_TIME_PASSWORD = Contraseña de un solo uso
UI_ONE_TIME_SAID = Entréguela en persona; es válida hasta { $until }, para un solo inicio de sesión, y no se muestra de nuevo.
UI_ONCE_SAID = Esto se muestra una sola vez. Guárdelo donde solo el programa pueda leerlo.
UI_WRITTEN_DOWN = Ya lo guardé
UI_NEW_GRANT = Dar un rol
UI_GRANT_SAID = Quien da un rol debe tenerlo por completo allí donde lo da. Vale en menos de un segundo.
UI_UNIT_OF_REACH = Para los alcances que indican una unidad.
UI_REGION_OF_REACH = Para el alcance que indica una región, por ejemplo cn-north.
UI_WITH_FACTOR = Con segundo factor
UI_ONLY_WITH_FACTOR = Solo en sesiones con segundo factor
UI_ONLY_AT_HOURS = Solo en este horario
UI_HOURS_HINT = Por ejemplo 08:00-20:00; vacío para siempre.
UI_REVOKE_GRANT = Retirar el rol
UI_REVOKE_SAID = { $name } pierde el rol { $role } ({ $reach }) en menos de un segundo.
UI_NEW_ROLE = Nuevo rol
UI_ROLE_READY = Predefinido
UI_ROLE_OWN = Del grupo
UI_ROLE_READY_SAID = Este rol es predefinido y no se puede cambiar. Defina uno propio donde no se ajuste.
UI_ROLE_NAME_HINT = De 2 a 64 letras minúsculas, dígitos y _.
UI_NOBODY_HOLDS = Nadie tiene este permiso.
UI_MYSELF = Yo
UI_WHOLE_GROUP = Todo el grupo
UI_ASK = Consultar
UI_ALLOWED = Permitido
UI_NOT_ALLOWED_NOW = No permitido
UI_ROLES_THAT_GIVE = Roles que lo darían:
UI_WHO_COULD_GIVE = Quién podría darlo:
UI_DELEGATOR = De
UI_DELEGATE = A
UI_DELEGATE_NOW = Delegar
UI_DELEGATIONS_SAID = Una delegación presta algunos de sus propios permisos hasta un momento dado. Alcanza lo que usted alcanza, y nunca más.
UI_TYPED_AT = En hora de { $zone }.
UI_TO_REVIEW = Por revisar
UI_REVIEWED = Revisado
UI_NO_EMERGENCIES = Nadie ha abierto un acceso de emergencia.
UI_OPEN_EMERGENCY = Abrir un acceso de emergencia
UI_EMERGENCIES_SAID = Un acceso de emergencia abre permisos durante una hora como máximo. Se notifica, y otra persona lo revisa.
UI_EMERGENCY_OF = Acceso de emergencia de { $name }
UI_END_EMERGENCY = Cerrarlo ahora
UI_REVIEW_NOW = Revisar
UI_WHAT_WAS_FOUND = Resultado de la revisión
UI_TICKET = Ticket
UI_REASON_TWENTY = Al menos 20 caracteres; los lee quien revisa.
UI_FOR_HOW_LONG = Durante cuánto tiempo
UI_MINUTES =
    { $count ->
        [one] { $count } minuto
       *[other] { $count } minutos
    }
UI_SERVICE_ACCOUNT = Cuenta de servicio
UI_NEW_SERVICE_ACCOUNT = Nueva cuenta de servicio
UI_SERVICE_ACCOUNT_SAID = Un programa tiene su propia cuenta de servicio, con roles como los de una persona y claves en lugar de contraseña.
UI_NEW_KEY = Nueva clave
UI_API_KEY = Clave de API
UI_KEYS_SAID = Los programas cambian una clave por un token válido durante diez minutos. Una clave se puede limitar a algunos permisos de su cuenta.
UI_KEY_PERMISSIONS_HINT = Nombres separados por comas; vacío para todos los que tiene la cuenta.
UI_KEY_YEAR = A 366 días como máximo.
UI_NO_KEY = Aún sin clave
UI_ALL_OF_ACCOUNT = Todos los de la cuenta
UI_LAST_USED = Último uso
UI_REVOKE_KEY = Revocar la clave
UI_REVOKE_KEY_SAID = El programa que tiene la clave ya no podrá iniciar sesión. Esto no se puede deshacer.
UI_NO_PROVIDERS = Ningún otro proveedor inicia la sesión de su personal.
UI_NEW_PROVIDER = Agregar o cambiar un proveedor
UI_PROVIDERS_SAID = Registre en el proveedor, como dirección de retorno, la dirección de esta consola seguida de { $path }.
UI_ISSUER = Emisor
UI_CLIENT_ID = ID de cliente
UI_CLIENT_SECRET = Secreto de cliente
UI_CLIENT_SECRET_HINT = Vacío para un cliente sin secreto. No se muestra de nuevo.
UI_CLAIM = Atributo (claim) del nombre de usuario
UI_CLAIM_HINT = Por ejemplo email, que solo se acepta si está verificado.
UI_REDIRECT = Dirección de retorno
UI_PROVIDER_NAME_HINT = El nombre por el que se elige: de 2 a 50 letras minúsculas, dígitos y -.
UI_PROVIDER_REGION_HINT = La región cuyo personal puede usarlo, o * para todo el mundo.
UI_SSO = Iniciar sesión con su organización
UI_SSO_PROVIDER = Nombre del proveedor
UI_SSO_SAID = Pasará al proveedor de su organización, que le pedirá que inicie sesión allí.
UI_GO_ON = Continuar
UI_SESSIONS = Sesiones
UI_THIS_ONE = Esta
UI_END_SESSION = Cerrar
UI_END_ALL_SESSIONS = Cerrar todas las sesiones
UI_CHANGE_PASSWORD = Cambiar la contraseña
UI_CHANGE_PASSWORD_SAID = Sus demás sesiones terminan.
UI_ADD_FACTOR = Agregar un segundo factor
UI_REMOVE_FACTOR = Quitar el segundo factor
UI_FACTOR_SAID = Abra su aplicación de autenticación y agregue esta clave; después escriba los seis dígitos que muestra.
UI_FACTOR_SECRET = Clave
UI_FACTOR_OPEN = Abrir en una aplicación de autenticación de este dispositivo
UI_CODE_OF_NEW = Los seis dígitos que muestra ahora la aplicación de autenticación.
UI_CONFIRM = Confirmar
UI_RECOVERY_CODE = Código de recuperación
UI_RECOVERY_SAID = Cada uno sustituye una vez a un código, el día que se pierda la aplicación de autenticación. No se muestran de nuevo.
WORD_SCOPE_KIND_SELF = La propia persona
WORD_SCOPE_KIND_REPORTS = Quienes le reportan
WORD_SCOPE_KIND_UNIT = Una unidad
WORD_SCOPE_KIND_SUBTREE = Una unidad y las inferiores
WORD_SCOPE_KIND_LEGAL_ENTITY = Una entidad jurídica
WORD_SCOPE_KIND_REGION = Una región
WORD_SCOPE_KIND_TENANT = Todo el grupo
WORD_ROLE_AGENT = Agente
WORD_ROLE_SUPERVISOR = Supervisión
WORD_ROLE_BRANCH_HR = RR. HH. de la sucursal
WORD_ROLE_GROUP_HR = RR. HH. del grupo
WORD_ROLE_COMPENSATION_SPECIALIST = Especialista en compensación
WORD_ROLE_APPROVER = Aprobación
WORD_ROLE_INTEGRATOR = Integración
WORD_ROLE_AUDITOR = Auditoría
WORD_ROLE_PLATFORM_OPERATOR = Operación de la plataforma
WORD_ROLE_GROUP_ADMIN = Administración del grupo
WORD_LOGIN_KIND_PERSON = Persona
WORD_LOGIN_KIND_USER = De ninguna persona
WORD_LOGIN_KIND_SERVICE_ACCOUNT = Programa
WORD_GRANT_VERDICT_ALLOWS = Permite esto
WORD_GRANT_VERDICT_OUT_OF_REACH = Su rol da el permiso, pero su alcance no llega hasta aquí
WORD_GRANT_VERDICT_CONDITION_UNMET = Lo permitiría con un segundo factor, o a otra hora
WORD_GRANT_VERDICT_NOT_NOW = Lo permitiría en otros días
WORD_GRANT_VERDICT_NOT_ENTITLED = El grupo no tiene el módulo
WORD_GRANT_VERDICT_ROLE_LACKS = Su rol no da el permiso
WORD_MODULE_IDENTITY = Identidad
WORD_MODULE_ATTENDANCE = Asistencia
WORD_MODULE_PERFORMANCE = Desempeño
WORD_MODULE_COMPENSATION = Compensación
WORD_MODULE_TALENT = Talento
WORD_MODULE_SUITE = Todas las partes
DONE_GRANT_GIVEN = El rol se dio.
DONE_GRANT_TAKEN = El rol se retiró.
DONE_ROLE_DEFINED = El rol se guardó.
DONE_DELEGATED = Se delegó.
DONE_DELEGATION_ENDED = La delegación terminó.
DONE_EMERGENCY_OPENED = El acceso de emergencia está abierto; se notificó.
DONE_EMERGENCY_ENDED = El acceso de emergencia terminó.
DONE_EMERGENCY_REVIEWED = La revisión se guardó.
DONE_ACCOUNT_MADE = La cuenta de servicio se creó.
DONE_KEY_REVOKED = La clave se revocó.
DONE_PROVIDER_KEPT = El proveedor se guardó.
DONE_PROVIDER_REMOVED = El proveedor se quitó.
DONE_PASSWORD_CHANGED = La contraseña se cambió; sus demás sesiones terminaron.
DONE_FACTOR_REMOVED = El segundo factor se quitó.
DONE_SESSION_ENDED = La sesión terminó.
DONE_SESSIONS_ENDED = Se cerraron todas sus sesiones.
SSO_OF_ANOTHER_BROWSER = este inicio de sesión se empezó en otro navegador, o hace demasiado tiempo: empiece aquí de nuevo

## Console: people and structure

NAV_ORG = Organigrama
NAV_CORRECTIONS = Correcciones
NAV_ACCOUNTS = Cuentas
NAV_ALIASES = Alias
NAV_DEVICES = Dispositivos
NAV_SITES = Sedes
NAV_CATALOGUE = Puestos y grados
UI_ABOUT = Sobre
UI_ACCOUNT = Cuenta
UI_ACCOUNT_HINT = Tal como se inicia sesión con ella en la plataforma.
UI_ACTIONS = Cambiar
UI_ADD_ACCOUNT = Agregar una cuenta
UI_ADD_ALIAS = Agregar un alias
UI_ADD_DEVICE = Agregar un dispositivo
UI_ADD_ENTRY = Agregar un puesto o grado
UI_ADD_PERSON = Agregar una persona
UI_ADD_PHASE = Cambiar cómo se usa
UI_ADD_PHASE_SAID = Los días anteriores quedan como están. Solo se puede agregar una fase posterior: lo pasado se mantiene como se dijo.
UI_ADD_SITE = Agregar una sede
UI_ADD_UNIT = Agregar una unidad
UI_ADD_UNIT_BELOW = Agregar una unidad inferior
UI_AFTER = Después
UI_ALIAS = Alias
UI_ALIAS_END = Poner fin al alias
UI_ALIAS_MOVE = Darlo a otra persona
UI_ALL_STATES = Todos
UI_ALWAYS = Siempre
UI_APPROVE = Aprobar
UI_APPROVED = Aprobada
UI_ASKED = Solicitada
UI_ASKED_AT = Solicitada el
UI_ASKED_BY = Solicitada por
UI_AS_HOME = Vacío: como en el empleo principal.
UI_AT_ONCE = Conversaciones simultáneas
UI_AT_ONCE_HINT = Cuántas puede atender una persona a la vez: 1 para voz.
UI_BACKDATED = De verdad debe empezar antes de este mes: los meses cerrados se leen entonces según lo que se conoce hoy
UI_BEFORE = Antes
UI_CATALOGUE_SAID = El mismo código otra vez, con un primer día posterior, indica qué vale desde entonces. Si no hay ninguna entrada, se puede escribir cualquier puesto y grado.
UI_CODE_NAME = Código
UI_CODE_NAME_HINT = Lo que indican los empleos, por ejemplo agent o P3.
UI_CORRECTION_ABOUT_YOU = Esto trata de usted: decide otra persona.
UI_CORRECTION_DECIDE = Lo solicitó otra persona. Cuenta desde que usted lo apruebe.
UI_CORRECTION_LOOK = Espera a alguien que pueda aprobar correcciones.
UI_CORRECTION_OVER = Ya no hay nada que decidir.
UI_CORRECTION_OWN = Usted lo solicitó: decide otra persona. Puede retirarlo mientras espera.
UI_COUNTS_NO_MORE = Esto ya no cuenta y sigue en la lista, porque nada de lo registrado se elimina.
UI_CUT_OVER = Hora de corte de la jornada
UI_CUT_OVER_HINT = A esta hora de la noche termina una jornada y empieza la siguiente.
UI_DEED_CANCEL = Cancelar lo previsto
UI_DEED_CANCEL_SAID = Lo previsto desde este día no ocurre; lo que vale hoy se mantiene.
UI_DEED_CORRECT_START = Corregir el primer día
UI_DEED_CORRECT_START_SAID = Para un primer día que se registró mal. Lo que se conocía antes queda archivado.
UI_DEED_END = Poner fin al empleo
UI_DEED_END_SAID = Todos los empleos adicionales y las ausencias terminan también ese día.
UI_DEED_END_LEAVE = Poner fin a la ausencia
UI_DEED_END_LINE = Poner fin a la línea
UI_DEED_END_POST = Poner fin al empleo adicional
UI_DEED_LEAVE = Ausencia
UI_DEED_LINE = Fijar responsable
UI_DEED_LINE_SAID = Una línea directa ocupa, en sus días, el lugar de la vigente.
UI_DEED_POST = Comisión o empleo simultáneo
UI_DEED_RECTIFY = Rectificar nombre o número
UI_DEED_RECTIFY_SAID = Solo para lo que se escribió mal. El dato erróneo desaparece; el registro de auditoría conserva que se cambió.
UI_DEED_REHIRE = Recontratación
UI_DEED_TRANSFER = Traslado o promoción
UI_DEED_TRANSFER_SAID = Desde este día; lo anterior se mantiene. Otro grado es una promoción.
UI_DEVICE = Dispositivo
UI_DEVICES_ALIASES = Alias y dispositivos
UI_DEVICE_END = Poner fin al dispositivo
UI_DEVICE_HINT = Tal como lo nombra la estación o la plataforma, con sus mayúsculas.
UI_DEVICE_MOVE = Darlo a otra persona o estación
UI_EMPLOYED_AS = Tipo de empleo
UI_EMPLOYEE_NO_HINT = El número que el grupo da a esta persona; nadie más lo tiene.
UI_EMPLOYMENTS = Empleos
UI_EMPTY_STAYS = Vacío: queda como está.
UI_EVIDENCE = Indicios
UI_EXCLUSIVE = Una persona a la vez
UI_EXCLUSIVE_FIELD = Solo una persona a la vez puede tenerla
UI_FACT = Hecho
UI_FACTS = Datos
UI_FROM_BEGINNING_HINT = Vacío: desde el principio.
UI_FROM_ON = Desde { $from }
UI_FROM_TIME = De
UI_FROM_TO = De { $from } a { $to }
UI_FROM_WHEN = Desde cuándo
UI_GONE_UNITS = Unidades que se cerraron
UI_HANDOVER = Traspaso
UI_HIDDEN = oculto para usted
UI_HISTORY = Historial
UI_ID_NUMBER = Número de identidad
UI_ITS_ZONE = Zona horaria
UI_KNOWN_ON = Según lo que se conocía el
UI_LADDER = Rango
UI_LADDER_HINT = Solo para grados, a partir de 1: un número mayor es un rango más alto.
UI_LEAVES = Ausencias
UI_LEAVE_KIND = Por qué
UI_LEAVE_REASON = Por qué, en palabras
UI_LEAVE_REASON_HINT = Solo lo lee quien puede leer por qué alguien está ausente.
UI_LINE_KIND = Tipo de línea
UI_LOOK = Ver qué afecta
UI_MANAGER = Responsable
UI_MERGE_ALSO = Y también esta unidad
UI_MERGE_INTO = Con qué unidad
UI_MOVE_PEOPLE_HINT = Necesario mientras haya alguien con empleo en ella.
UI_MOVE_PEOPLE_TO = El personal y las cuentas pasan a
UI_NAME_HIDDEN = Nombre oculto para usted
UI_NEW_PARENT = Bajo qué unidad
UI_NEW_PERSON = Quién es desde entonces
UI_NOBODY = Nadie
UI_NOBODY_CALLED = nada de la lista se llama “{ $text }”: elija un elemento de la lista
UI_NONE_KNOWN = ninguno conocido
UI_NOTHING_AFTER = Nunca ocurrió, o ya no cuenta.
UI_NOTHING_BEFORE = No había nada registrado.
UI_NOT_EMPLOYED = Sin empleo este día
UI_NOT_SAID = sin indicar
UI_NO_ACCOUNTS = No hay cuentas donde usted puede consultar: agregue la primera, o impórtelas de un archivo.
UI_NO_ALIASES = No se conocen alias donde usted puede consultar.
UI_NO_CATALOGUE = No hay catálogo este día: se puede escribir cualquier puesto y grado.
UI_NO_CORRECTIONS = No hay correcciones en este estado.
UI_NO_CORRECTIONS_WAITING = Nada espera una decisión.
UI_NO_DEVICES = No se conocen dispositivos donde usted puede consultar.
UI_NO_DEVICES_ALIASES = No se conoce ninguno de esta persona.
UI_NO_EMPLOYMENTS = No se conoce ningún empleo donde usted puede consultar.
UI_NO_LEAVES = No se conoce ninguna ausencia.
UI_NO_MANAGER = No reporta a nadie este día.
UI_NO_REASON = No se indicó ningún motivo.
UI_NO_SITES = Todavía no hay sedes: agregue la primera.
UI_NO_SLASH = un solo nombre, sin “/”: la unidad superior se elige aparte
UI_NO_UNITS = No hay unidades este día donde usted puede consultar.
UI_NO_USES = No consta que nadie trabajara en un dispositivo en estos días.
UI_OF_PERSON = de una persona
UI_OF_SEAT = de una estación
UI_ONE_OF_BOTH = una persona o una estación, no ambas
UI_ONLY_NEWEST =
    { $count ->
        [one] Solo se muestra la más reciente: elija un estado para ver menos.
       *[other] Solo se muestran las { $count } más recientes: elija un estado para ver menos.
    }
UI_ON_DAY = El { $day }
UI_OPEN_END_HINT = Vacío: no se conoce ningún fin.
UI_ORG_COUNTED =
    { $units ->
        [one] 1 unidad
       *[other] { $units } unidades
    }, { $count ->
        [one] 1 persona
       *[other] { $count } personas
    }
UI_OWN_ZONE = Zona horaria
UI_PARENT_NOT_THERE = esa unidad no existe este día
UI_PATH = Ruta
UI_PATHS = Unidades
UI_PEOPLE_BELOW = Personas con todas las unidades inferiores

## Console: cycles

UI_SEVERAL_CALLED = varios se llaman “{ $text }”: { $names }
NAV_CYCLES = Ciclos
NAV_SCHEMES = Esquemas
NAV_MEASURES = Medidas
NAV_RUNS = Atribución
NAV_OBSERVATIONS = Observaciones
PAGE_OUTDATED = el resultado se recalculó después de que usted abrió esta página: véalo como está ahora, y envíelo de nuevo
UI_SAY_SURE = marque esta casilla para continuar
UI_VERSION = Versión
UI_INDICATORS = Indicadores
UI_NO_SCHEMES = Todavía no hay ningún esquema. Empiece con una de las plantillas de abajo, o con uno nuevo.
UI_REFINEMENT = Adapta un estándar
UI_STANDARD = Estándar
UI_STANDARD_BINDING = Estándar obligatorio
UI_OWN_SCHEME = Independiente
UI_WITHDRAWN_FROM = Deja de estar vigente el { $day }
UI_IN_USE = En uso
UI_WITHDRAWN_BECAUSE = Deja de estar vigente el { $day }: { $reason }
UI_SUPERSEDED_BY = Use en su lugar la versión { $version }.
UI_NEW_SCHEME = Nuevo esquema
UI_SCHEME_TEMPLATES = Plantillas para empezar
UI_BEGIN_WITH_IT = Empezar con ella
UI_NEW_VERSION = Nueva versión
UI_REFINE_IT = Adaptarlo
UI_WHAT_IT_IS = Datos generales
UI_SIDE_BY_SIDE = Comparar versiones
UI_BESIDE = frente a la versión
UI_DIFFERING =
    { $count ->
        [0] Son iguales en todo.
        [one] Una línea es distinta; está marcada.
       *[other] { $count } líneas son distintas; están marcadas.
    }
UI_DIFFERS = (distinto)
UI_REFINEMENTS = Esquemas que lo adaptan
UI_SCORED_BY_IT = Ciclos que se puntúan con él
UI_WITHDRAW_SCHEME = Retirar
UI_WITHDRAW_VERSION_HINT = Vacío: el esquema entero.
UI_WITHDRAW_FROM = Desde este día
UI_SUPERSEDED = Versión que se usa en su lugar
UI_SUPERSEDED_HINT = Vacío: ninguna.
UI_VERSION_N = Versión { $version }
UI_NAME_VERSION = { $name }, versión { $version }
UI_REFINES = Adapta
UI_COLLABORATION = Se agregan puntos por colaboración
UI_COLLABORATION_POINTS = Puntos por colaboración
UI_CURRENCY = Moneda
UI_CURRENCY_HINT = Tres letras, por ejemplo CNY. Vacío: la del grupo.
UI_WRITTEN_IN = Redactado en la región
UI_INDICATOR_OF_TARGET = Pesa { $weight } de 100. Meta: { $target } ({ $direction }); puntos en proporción a ella, { $floor } como mínimo y { $cap } como máximo.
UI_INDICATOR_OF_GROUP = Pesa { $weight } de 100 ({ $direction }). Puntos: { $how }, { $floor } como mínimo y { $cap } como máximo.
UI_INDICATOR_SMALL =
    { $small ->
        [one] Con menos de { $small } registro medido se acerca al promedio del grupo.
       *[other] Con menos de { $small } registros medidos se acerca al promedio del grupo.
    }
UI_TEAM_MEDIAN = la mediana del equipo
UI_WEIGHT_BETWEEN = Una adaptación puede darle un peso de { $least } a { $most }.
UI_WEIGHT_FIXED = Una adaptación lo mantiene como está.
UI_MAY_BE_LEFT_OUT = Se puede omitir.
UI_WEIGHT = Peso
UI_TARGET = Meta
UI_TARGET_HINT = Vacío: la mediana del equipo.
UI_DIRECTION = Sentido
UI_HOW_POINTS = Cómo se convierte en puntos
UI_FLOOR_CAP = Mínimo y tope de puntos
UI_FLOOR = Mínimo de puntos
UI_CAP = Tope de puntos
UI_SMALL_SAMPLE = Muestra pequeña por debajo de
UI_SMALL_SAMPLE_HINT = Por debajo de estos registros, un valor se acerca al promedio del grupo. Vacío: nunca.
UI_UNIT_OF_MEASURE = Unidad de medida
UI_KEY = Clave
UI_KEY_HINT = Vacío: se forma a partir de la medida.
UI_MAY_BE_REFINED = Las unidades inferiores pueden adaptarlo
UI_MUST_BE_REFINED = Las unidades inferiores no pueden tener un esquema que no lo adapte
UI_WITHIN = El peso puede variar en
UI_WITHIN_HINT = Puntos en más o en menos en una adaptación. Vacío: nada.
UI_MEASURE = Medida
UI_INDICATOR_N = Indicador { $number }
UI_FROM_VERSION = Parte de la versión { $version }. Las versiones anteriores quedan como están.
UI_FROM_STANDARD = Adapta { $name }, versión { $version }: cambie lo que deja abierto.
UI_FROM_TEMPLATE = Parte de una plantilla. Ponga sus propias metas.
UI_FROM_NOTHING = Indique qué cuenta, y cuánto: los pesos suman exactamente 100.
UI_NEW_VERSION_OF = Nueva versión de { $name }
UI_SUM_WHOLE = Los pesos suman { $said }: se puede guardar.
UI_SUM_SHORT = Los pesos suman { $said } de 100: faltan { $rest }.
UI_SUM_OVER = Los pesos suman { $said }: { $rest } más de 100.
UI_CHECK = Comprobar
UI_ADD_INDICATOR = Agregar un indicador
UI_UNIT_OR_GROUP_HINT = Vacío: todo el grupo.
UI_NEW_MEASURE = Nueva medida
UI_NO_MEASURES = Todavía no hay ninguna medida.
UI_NO_MEASURE = no existe esa medida, o usted no puede verla
UI_MEASURES_WHAT = Qué mide
UI_SUPPLIED = Incorporada
UI_RETIRED = Retirada
UI_RETIRED_BECAUSE = { $at }: { $reason }
UI_REVISION = Revisión
UI_RETIRE = Retirar
UI_RETIRE_SAID = Ninguna versión nueva de un esquema podrá usarla. Las versiones que ya existen conservan su copia.
UI_CHANGE_IT = Cambiarla
UI_MEASURE_OTHER_KIND = De qué se compone esta medida se cambia con la API; aquí se pueden cambiar su nombre, su unidad y su sentido.
UI_TITLE_EN = Nombre en inglés
UI_TITLE_ZH = Nombre en chino
UI_MEASURE_KEY_HINT = Por la que la nombran los esquemas, por ejemplo quality_check. No cambia nunca.
UI_MIN_COUNT = Mínimo que cuenta
UI_MIN_COUNT_HINT = Con menos, no se considera medido. Vacío: sin regla.
UI_OF_RECORDS = De registros
UI_OF_OBSERVATIONS = De observaciones
UI_OF_RATIO = Una medida entre otra
UI_OBSERVED_OF = Observación de
UI_AGGREGATION = Cómo se reducen los valores a uno
UI_RECORD_VALUE = Valor del registro
UI_RECORD_VALUE_HINT = first_reply_seconds, duration_seconds, resolved, rating, amount, o una columna suya. Vacío si se cuentan registros.
UI_TEST = Condición que se cumple
UI_TEST_VALUE = que este valor
UI_RECORD_KINDS = Tipos de registros
UI_LIST_HINT = Si son varios, sepárelos con comas. Vacío: todos.
UI_RATIO_OF = Qué se divide
UI_RATIO_PER = Entre qué
UI_IN_PERCENT = En porcentaje
UI_NEW_CYCLE = Nuevo ciclo
UI_NO_CYCLES = Todavía no hay ningún ciclo donde usted puede consultar. Cree uno para un mes, y ciérrelo cuando estén sus registros.
UI_PERIOD = Período
UI_SCHEME = Esquema
UI_PEOPLE_IN = Personas con ficha
UI_PUBLISHED_AT = Publicado
UI_CORRECTION_OF = Corrección de { $name }
UI_MAKE_CYCLE = Crear el ciclo
UI_POPULATION = Población
UI_POPULATION_SAID = Vacío: todas las personas de la unidad y de las inferiores.
UI_POSITIONS = Puestos
UI_GRADES = Grados
UI_INCLUDE = También incluidas
UI_EXCLUDE = Excluidas
UI_PEOPLE_HINT = Números de empleado, separados por comas o uno por línea.
UI_AS_OF_DAY = Según el empleo el día
UI_AS_OF_DAY_HINT = Vacío: el último día del período.
UI_PREVIEW_POPULATION = Ver quién está incluido
UI_IS_IN = Incluida
UI_IS_OUT = No incluida
UI_WHY = Por qué
UI_EVERYBODY_OF_UNIT = Todas las personas de la unidad y de las inferiores
UI_RUN = Cálculo de atribución
UI_OPEN_RUN = Abrir el cálculo
UI_CORRECTS = Corrige
UI_OPEN_CORRECTED = Abrir el resultado publicado
UI_RESULT_VERSION = Versión del resultado
UI_STEP_MADE = Creado
UI_STEP_TO_CLOSE = Se cierra cuando estén sus registros
UI_STEP_CLOSING = Cerrando: se atribuyen los registros y se puntúan las fichas
UI_STEP_FAILED = No se pudo cerrar
UI_STEP_CLOSED = Cerrado: todas las fichas están puntuadas
UI_STEP_REVIEW = Por revisar y publicar
UI_STEP_PUBLISHED = Publicado: todas las personas conocen el resultado
UI_PROGRESS = Avance
UI_LOOK_AGAIN = Actualizar
UI_DONE_OF = { $done } de { $total }
UI_WAITS_FOR_WORKER = Espera su turno
UI_CLOSE_CYCLE = Cerrar el ciclo
UI_CLOSE_AGAIN = Cerrarlo de nuevo
UI_CANCEL_CLOSING = Cancelar el cierre
UI_CANCEL_CORRECTION = Desechar la corrección
UI_CANCEL_SAID = Lo calculado se desecha; nada más cambia.
UI_CORRECT_CYCLE = Corregir el resultado
UI_CORRECT_SAID = Se recalcula con los hechos tal como están ahora, junto al resultado publicado; nadie lo conoce antes de que se publique.
UI_CORRECT_REASON_HINT = Lo leen todas las personas con ficha.
UI_SCHEME_VERSION = Versión del esquema
UI_SCHEME_VERSION_HINT = Vacío: la que se usó.
UI_PUBLISH_RESULT = Publicar el resultado
UI_PUBLISH_SURE = Sí, todas las personas pueden conocerlo
UI_PUBLISH_SAID = Lo ven todas las personas con ficha, y de aquí lo toma el pago. Un resultado publicado no cambia nunca; solo se puede corregir con otra versión.
UI_PUBLISH_NOT_YOURS = Publicar corresponde aquí a otra persona.
UI_PUBLISHED_ALREADY = Este resultado ya está publicado; no se hizo nada dos veces.
UI_PUBLISH_NOTHING_YET = Todavía no hay ningún resultado que publicar: cierre primero el ciclo.
UI_BACK_TO_CYCLE = Volver al ciclo
UI_REVIEW = El resultado
UI_RECORDS = Registros
UI_CREDITED = Atribuidos
UI_UNATTRIBUTED = No atribuidos a nadie
UI_CREDITED_WITHIN = Atribuidos a personas del ciclo
UI_CREDITED_OUTSIDE =
    { $people ->
        [one] { $records } a otra persona
       *[other] { $records } a otras { $people } personas
    }
UI_CORRECTED_PEOPLE = Personas cuya ficha es distinta
UI_HOW_CREDITED = Cómo se atribuyeron los registros
UI_DISTRIBUTION = Distribución de las puntuaciones
UI_SCORE_BETWEEN = de { $from } a menos de { $to }
UI_PEOPLE_COUNT =
    { $count ->
        [one] 1 persona
       *[other] { $count } personas
    }
UI_PEOPLE_HERE = Personas de esta misma unidad
UI_PEOPLE_OF =
    { $count ->
        [one] 1 persona
       *[other] { $count } personas
    }, { $own } aquí
UI_PERSON_OR_SEAT = Persona o estación
UI_PERSON_OR_SEAT_HINT = Indique la persona o la estación.
UI_PHASE = Cómo se usa
UI_PHASES = Cómo se usa, por fecha
UI_PHASE_HINT = Compartida: varias personas con un mismo nombre. Nominativa: cada registro lleva su agente. Mixta: en paso de una a otra.
UI_PLATFORM = Plataforma
UI_POST = Cuál de los dos
UI_PUNCH = Marcación
UI_REJECT = Rechazar
UI_REJECTED = Rechazada
UI_REPORTS = Reportan a esta persona
UI_REPORTS_TO = Reporta a
UI_RESULTS = Resultados
UI_SEAT = Estación
UI_SEAT_HINT = Tal como la nombran los planes de turnos; quien tiene turno en ella trabaja en el dispositivo.
UI_SEAT_UNIT = Unidad que tiene la estación
UI_SHIFT = Turno
UI_SOME_HIDDEN = Una parte está oculta para usted: sus autorizaciones no la abren.
UI_STORE = Tienda
UI_TEAM = Equipo
UI_TEAM_HINT = El equipo que la atiende. Vacío: es de todo el grupo.
UI_TICK_SURE = marque primero esta casilla
UI_TITLE = Nombre que se muestra
UI_TODAY = Hoy
UI_TOUCHES = Qué afecta
UI_TOUCHES_SAID = No se escribió nada: así quedaría.
UI_TO_TIME = A
UI_UNITS_BELOW = Unidades inferiores
UI_UNIT_CLOSE = Cerrar la unidad
UI_UNIT_CLOSE_SAID = Entonces no debe tener unidades inferiores. Su personal y sus cuentas van adonde usted indique; el pasado se mantiene.
UI_UNIT_KIND_HINT = Vacío: una sucursal en el nivel superior; si no, un equipo.
UI_UNIT_MERGE = Fusionar con otra unidad
UI_UNIT_MERGE_SAID = Las unidades inferiores, el personal y las cuentas pasan a la otra unidad, y esta se cierra.
UI_UNIT_MOVE = Mover bajo otra unidad
UI_UNIT_MOVE_SAID = Desde este día con todas las unidades inferiores; el pasado conserva el lugar anterior. Solo dentro de una región.
UI_UNIT_NOT_ON_DAY = Esta unidad no existe este día: se muestra como fue por última vez, o como empieza.
UI_UNIT_REGION_HINT = Para una sucursal en el nivel superior; las unidades inferiores tienen la de su sucursal.
UI_UNIT_RENAME = Cambiar el nombre de la unidad
UI_UNIT_RENAME_SAID = Desde este día; el pasado conserva el nombre anterior.
UI_UNTIL = Hasta { $to }
UI_WENT_INTO = Se fusionó con { $unit }
UI_WHAT = Qué
UI_WHOLE_NUMBER = un número entero
UI_WHOSE = De quién
UI_WHO_USED_WHAT = Quién usó qué
UI_WHY_HIDDEN = El motivo está oculto para usted
UI_WHY_NOT_SAID = Sin motivo indicado
UI_WITHDRAW = Retirar
UI_WITHDRAWN = Retirada
UI_YOU = Usted
UI_ZONE_HINT = Vacío: la del grupo.
DONE_PERSON_ADDED = La persona se agregó
DONE_PERSON_CHANGED = El cambio se registró
DONE_ORG_CHANGED = El organigrama se cambió
DONE_ACCOUNT_ADDED = La cuenta se agregó
DONE_PHASE_ADDED = El cambio se registró
DONE_ALIAS_CHANGED = El alias se registró
DONE_DEVICE_CHANGED = El dispositivo se registró
DONE_SITE_ADDED = La sede se agregó
DONE_ENTRY_ADDED = La entrada se registró
DONE_CORRECTION_APPROVED = Aprobada: cuenta desde ahora
DONE_CORRECTION_REJECTED = Rechazada
DONE_CORRECTION_WITHDRAWN = Retirada
WORD_POST_HOME = Principal
WORD_POST_CONCURRENT = Empleo simultáneo
WORD_POST_SECONDMENT = En comisión
WORD_EMPLOYMENT_REASON_HIRE = Contratación
WORD_EMPLOYMENT_REASON_REHIRE = Recontratación
WORD_EMPLOYMENT_REASON_TRANSFER = Traslado
WORD_EMPLOYMENT_REASON_PROMOTION = Promoción
WORD_EMPLOYMENT_REASON_SECONDMENT = Comisión
WORD_EMPLOYMENT_REASON_CONCURRENT_POST = Empleo simultáneo
WORD_EMPLOYMENT_REASON_REORGANISATION = Reorganización
WORD_LEAVE_KIND_SICK = Enfermedad
WORD_LEAVE_KIND_WORK_INJURY = Accidente de trabajo
WORD_LEAVE_KIND_MATERNITY = Maternidad
WORD_LEAVE_KIND_PARENTAL = Cuidado de un hijo
WORD_LEAVE_KIND_CARE = Cuidado de un familiar
WORD_LEAVE_KIND_UNPAID = Sin goce de sueldo, a petición propia
WORD_LEAVE_KIND_OTHER = Otra
UI_MOVERS = Quién cambió más
UI_AGAINST = Frente a { $name }
UI_NOBODY_MOVED = No cambia la puntuación de nadie.
UI_SCORE_RANK = { $score }, posición { $rank }
UI_NOW = Ahora
UI_DROPPED = Indicadores que no contaron
UI_FINDINGS = Qué conviene revisar
UI_FINDINGS_ALL =
    { $count ->
        [0] Nada extraño.
        [one] Un hallazgo.
       *[other] { $count } hallazgos.
    }
UI_FINDINGS_MORE =
    { $count ->
        [one] El primer hallazgo; hay más.
       *[other] Los primeros { $count } hallazgos; hay más.
    }
UI_FINDINGS_FIRST = Los primeros hallazgos
UI_CARDS = Fichas
UI_NO_CARDS = No hay ninguna ficha que usted pueda ver.
UI_RANK = Posición
UI_SCORE = Puntuación
UI_CREDITED_RECORDS = Registros atribuidos
UI_COMPARE_CARDS = Comparar fichas
UI_WITH_PERSON = Con
UI_CHOOSE_PEOPLE = Elija personas arriba: aquí se muestran sus fichas una junto a otra.
UI_CHANGED_SINCE = Cambios desde que se calculó
UI_NOTHING_CHANGED = Ninguno: al cerrarlo de nuevo resultaría lo mismo.
UI_CHANGED_ACCOUNTS =
    { $accounts ->
        [one] Algo cambió en una cuenta.
       *[other] Algo cambió en { $accounts } cuentas.
    }
UI_CHANGED_OBSERVATIONS =
    { $observations ->
        [one] Una observación llegó o cambió.
       *[other] { $observations } observaciones llegaron o cambiaron.
    }
UI_CHANGED_OTHERS =
    { $others ->
        [one] También una cuenta que usted no puede ver.
       *[other] También { $others } cuentas que usted no puede ver.
    }
UI_CHANGED_RATE = Cambió el tipo de cambio de { $from } a { $to }.
UI_CHANGES_REMOVED = Lo anterior al { $day } puede haberse eliminado al terminar el plazo de conservación y no se compara con el resultado.
UI_CHANGED_ON_ACCOUNT = cambios en registros: { $records }; días con otro servicio: { $days }
UI_CARD = Ficha
UI_OF_CARDS = de { $of }
UI_OUTSIDE_OWN = { $records } de ellos, ajenos al turno o al equipo propio
UI_POINTS_BY_INDICATOR = Puntos por indicador
UI_STEP_BY_STEP = Paso a paso
UI_VALUE = Valor
UI_ADJUSTED = Tras la regla de muestra pequeña
UI_POINTS = Puntos
UI_WEIGHTED = Ponderado
UI_MEASURED_ON = Medido en registros
UI_CARD_VERSIONS = Versiones de esta ficha
UI_VERSIONS_BESIDE = Comparar versiones de la ficha
UI_NO_CARD_THEN = sin ficha
UI_NOT_PUBLISHED_YET = Este resultado aún no está publicado: solo lo ve quien lo revisa.
UI_OPEN_PERSON = Abrir la persona
UI_DIGEST = Huella de los datos de entrada
UI_NEW_RUN = Iniciar un cálculo
UI_NO_RUNS = Todavía no hay ningún cálculo. Al cerrar un ciclo se inicia uno; también desde esta página, antes de puntuar.
UI_STARTED = Iniciado
UI_CYCLE = Ciclo
UI_RULES = Reglas
UI_PEOPLE_CREDITED = Personas con atribución
UI_ACCOUNTS = Cuentas
UI_TOTALS = Totales por persona
UI_AT_LEAST = Como mínimo
UI_AT_MOST = Como máximo
UI_NAMED_SHARE = De ello, sin duda
UI_CANCEL_RUN = Detener el cálculo
UI_START_RUN = Iniciar
UI_RUN_SAID = Atribuye los registros de unos días, para poder rectificar lo extraño antes de cerrar un ciclo. No se puntúa nada.
UI_NO_OBSERVATIONS = Aquí no se observó nada. Las observaciones llegan con una importación, o de otros sistemas por la API.
UI_NO_OBSERVATION = esa observación ya no existe
UI_SOURCE = Fuente
UI_CAME_AT = Llegó
UI_COUNTS = Vigente
UI_WITH_VERSIONS = También lo que ya no cuenta
UI_WITHDRAW_OBSERVATION = Retirar la observación
UI_WITHDRAW_SAID = Ya no cuenta. Sus versiones siguen siendo consultables, con el motivo que usted indique.
WORD_CYCLE_STATE_OPEN = Abierto
WORD_CYCLE_STATE_CLOSING = Cerrando
WORD_CYCLE_STATE_REVIEWABLE = Por revisar
WORD_CYCLE_STATE_PUBLISHED = Publicado
WORD_CYCLE_STATE_FAILED = Fallido
WORD_ATTRIBUTION_RUN_STATE_RUNNING = En curso
WORD_ATTRIBUTION_RUN_STATE_DONE = Terminado
WORD_ATTRIBUTION_RUN_STATE_FAILED = Fallido
WORD_ATTRIBUTION_RUN_STATE_CANCELLED = Detenido
WORD_NORMALISATION_TARGET_PIECEWISE = En proporción a la meta
WORD_NORMALISATION_MIN_MAX = Entre el menor y el mayor valor del grupo
WORD_NORMALISATION_PERCENTILE = Porcentaje del grupo que no es mejor
WORD_NORMALISATION_T_SCORE = Distancia a la media del grupo (puntuación T)
WORD_DIRECTION_HIGHER = más es mejor
WORD_DIRECTION_LOWER = menos es mejor
WORD_REFINEMENT_STATE_UP_TO_DATE = Al día
WORD_REFINEMENT_STATE_BEHIND_BUT_FITS = Atrasado, pero encaja
WORD_REFINEMENT_STATE_MUST_FOLLOW = Debe actualizarse
WORD_REFINEMENT_STATE_PARENT_WITHDRAWN = Su estándar se retiró
WORD_POPULATION_REASON_FITS = Cumple todo lo indicado
WORD_POPULATION_REASON_NAMED_IN = Nombrada expresamente
WORD_POPULATION_REASON_NAMED_OUT = Excluida expresamente
WORD_POPULATION_REASON_NOT_EMPLOYED = Sin empleo en el período
WORD_POPULATION_REASON_OTHER_UNIT = En otra unidad ese día
WORD_POPULATION_REASON_OTHER_POSITION = En otro puesto ese día
WORD_POPULATION_REASON_OTHER_GRADE = En otro grado ese día
WORD_POPULATION_REASON_OTHER_EMPLOYMENT_KIND = Con otro tipo de empleo ese día
WORD_POPULATION_REASON_EMPLOYMENT_KIND_NOT_SAID = Sin tipo de empleo indicado
WORD_DROP_REASON_NOBODY_HAS_DATA = nadie tiene datos
WORD_DROP_REASON_NO_DATA_OF_PERSON = no hay datos de esta persona
WORD_DROP_REASON_NO_TARGET = la mediana no es mayor que cero, así que no hay meta
WORD_DROP_REASON_TOO_LARGE = el número es demasiado grande para calcular
WORD_DROP_REASON_TOO_LARGE_ELSEWHERE = el número de otra persona es demasiado grande para calcular
WORD_DROP_REASON_NO_PAST = no hay un valor anterior con el que compararse
WORD_PERSON_CHANGE_KIND_EMPLOYMENT = otra unidad, o empleo en otros días
WORD_PERSON_CHANGE_KIND_CAME_IN = ahora está incluida
WORD_PERSON_CHANGE_KIND_WENT_OUT = ya no está incluida
WORD_PERSON_CHANGE_KIND_PAST = tenía otros valores en ciclos anteriores
WORD_OBSERVATION_END_REVISED = Revisada
WORD_OBSERVATION_END_WITHDRAWN = Retirada
WORD_EMPLOYMENT_KIND_FULL_TIME = Tiempo completo
WORD_EMPLOYMENT_KIND_PART_TIME = Tiempo parcial
WORD_EMPLOYMENT_KIND_FIXED_TERM = Plazo fijo
WORD_EMPLOYMENT_KIND_INTERN = Prácticas
WORD_EMPLOYMENT_KIND_AGENCY = Personal de agencia
WORD_EMPLOYMENT_KIND_OUTSOURCED = Tercerizado
WORD_EMPLOYMENT_KIND_FREELANCE = Independiente
WORD_ORG_UNIT_KIND_UNSPECIFIED = Unidad
WORD_ORG_UNIT_KIND_GROUP = Grupo
WORD_ORG_UNIT_KIND_LEGAL_ENTITY = Entidad jurídica
WORD_ORG_UNIT_KIND_BRANCH = Sucursal
WORD_ORG_UNIT_KIND_DEPARTMENT = Departamento
WORD_ORG_UNIT_KIND_TEAM = Equipo
WORD_REPORTING_LINE_KIND_UNSPECIFIED = Línea
WORD_REPORTING_LINE_KIND_SOLID = Línea directa: a cargo
WORD_REPORTING_LINE_KIND_DOTTED = Línea funcional: otro responsable
WORD_CATALOGUE_KIND_UNSPECIFIED = Entrada
WORD_CATALOGUE_KIND_POSITION = Puesto
WORD_CATALOGUE_KIND_GRADE = Grado
WORD_PHASE_KIND_UNSPECIFIED = Sin indicar
WORD_PHASE_KIND_SHARED = Compartida
WORD_PHASE_KIND_MIXED = Mixta
WORD_PHASE_KIND_NAMED = Nominativa
WORD_FACT_STATE_UNSPECIFIED = Vigente
WORD_FACT_STATE_COUNTS = Vigente
WORD_FACT_STATE_VOIDED = Anulado
WORD_FACT_STATE_MOVED = Reemplazado
WORD_CORRECTION_ACTION_UNSPECIFIED = Rectificar
WORD_CORRECTION_ACTION_ADD = agregar lo olvidado
WORD_CORRECTION_ACTION_VOID = nunca ocurrió
WORD_CORRECTION_ACTION_MOVE = ocurrió de otro modo
WORD_CORRECTION_ACTION_CHANGE = otra persona desde ahora
WORD_CORRECTION_ACTION_CANCEL = fuera del plan de turnos
WORD_CORRECTION_ACTION_END = termina
WORD_CORRECTION_STATE_UNSPECIFIED = Solo vista previa

## Console: mine

NAV_TODAY = Hoy
NAV_MONTH = Mi mes
NAV_MY_PAY = Mi pago
NAV_FACTS = Mis hechos
UI_MINE_ZONE = Las horas son de { $zone }.
UI_MINE_ZONE_OTHER = Las horas son de { $zone }, según eligió; usted trabaja en { $site }, y los días son los de allí.
UI_MINE_LASTS = { $hours } h { $minutes } min
UI_MINE_LASTS_COLUMN = Tiempo de trabajo
UI_MINE_ACCOUNT = Cuenta … { $code }
UI_MINE_ACCOUNT_COLUMN = Cuenta
UI_MINE_FREE = Hoy no hay nada previsto
UI_MINE_AHEAD = Su turno empieza a las { $at }
UI_MINE_LATE = Su turno empezó a las { $at }; no ha marcado entrada
UI_MINE_ABSENT = Turno previsto, sin marcación
UI_MINE_IN = De servicio desde las { $at }
UI_MINE_MISSING = Falta una marcación
UI_MINE_WAS = Trabajó { $lasts }
UI_MINE_DAY_FREE = Libre
UI_MINE_DAY_AHEAD = Previsto
UI_MINE_DAY_LATE = Aún sin entrada
UI_MINE_DAY_ABSENT = Sin marcación: rectificar
UI_MINE_DAY_IN = De servicio
UI_MINE_DAY_MISSING = Falta una marcación: rectificar
UI_MINE_DAY_WAS = Completo
UI_MINE_COME = Marcar entrada
UI_MINE_LEAVE = Marcar salida
UI_MINE_SHIFT = Turno
UI_MINE_NO_SHIFT = No hay ningún turno previsto para este día.
UI_MINE_SEAT = Estación
UI_MINE_PUNCHES = Marcaciones
UI_MINE_NO_PUNCHES = Todavía no hay ninguna marcación este día.
UI_MINE_TO_FACTS = Todos los días y correcciones
UI_MINE_ACCOUNTS = Cuentas
UI_MINE_NO_ACCOUNTS = No tiene ninguna cuenta prevista. Consulte a su responsable si atiende alguna.
UI_MINE_TAKE = Tomar
UI_MINE_RELEASE = Entregar
UI_MINE_HELD_BY_ME = Suya desde las { $at }
UI_MINE_HELD_BY = La tiene { $name } desde las { $at }
UI_MINE_HELD_BY_OTHER = Alguien la tiene desde las { $at }
UI_MINE_HELD_BY_NOBODY = No la tiene nadie a quien usted pueda ver
UI_MINE_DRIFT =
    { $minutes ->
        [one] El reloj de su dispositivo difiere en 1 minuto. La marcación cuenta con nuestra hora; junto a ella se conserva la que indicó su dispositivo.
       *[other] El reloj de su dispositivo difiere en { $minutes } minutos. La marcación cuenta con nuestra hora; junto a ella se conserva la que indicó su dispositivo.
    }
UI_MINE_DROPPED = No cuenta
UI_MINE_ADDED = Por corrección
UI_MINE_MOVE = Rectificar
UI_MINE_VOID = No ocurrió
UI_MINE_OTHERS_PUNCH = esta marcación la hizo otra persona en este dispositivo: debe iniciar sesión para enviarla
UI_MINE_LATE_REASON = Marcada sin red: { $at }
UI_MINE_LATE_ASKED = Registrada: { $recorded }. Que cuente a la hora en que usted pulsó, { $at }, espera aprobación.
UI_MINE_LATE_NOT_ASKED = Registrada: { $recorded }. Usted pulsó: { $at }, lo que no se pudo solicitar ({ $why }): rectifíquelo en Mis hechos.
UI_QUEUE = Marcaciones hechas sin red
UI_QUEUE_WAITING = Espera una red, y entonces se envía sola
UI_QUEUE_RECORDED = Registrada
UI_QUEUE_REFUSED = No se aceptó
UI_OFFLINE = Sin red
UI_OFFLINE_SAID = Puede marcar de todos modos: su dispositivo conserva la marcación con su hora, y la envía cuando vuelve a haber red.
UI_OFFLINE_SCRIPTS = Las marcaciones sin red necesitan scripts, que su navegador no ejecuta.
UI_MINE_CYCLES = Ciclos
UI_MINE_SCORE = Puntuación
UI_MINE_PLACE = Posición
UI_MINE_RANK = { $rank } de { $of }
UI_MINE_GAP = Puntos hasta las metas
UI_MINE_GAP_SAID = Lo que falta en conjunto a los indicadores por debajo de su meta
UI_MINE_COLLABORATION = Colaboración
UI_MINE_STEPS = La puntuación, paso a paso
UI_MINE_OF_WEIGHT = { $points } de { $weight }
UI_MINE_IN_WORDS = Cada paso en palabras
UI_MINE_HELPS = Qué ayudaría más
UI_MINE_HELPS_NOTHING = Todos los indicadores alcanzan su meta.
UI_MINE_LACKS = Puntos que faltan:
UI_MINE_TOTALS = Registros atribuidos
UI_MINE_INTERVAL = La marca es lo que se le atribuye; con una certeza del 90 %, lo que usted atendió está dentro de la barra.
UI_MINE_ALL_ACCOUNTS = Todas las cuentas
UI_MINE_HOW_SURE = Certeza
UI_MINE_TO_RECORDS = Cada registro, y por qué
UI_MINE_RECORDS = Registros
UI_MINE_RECORD = Registro
UI_MINE_BEGAN = Inicio
UI_MINE_SHARE = Su parte
UI_MINE_OTHERS = Otras personas
UI_MINE_NO_RECORDS = Aquí no se le atribuye ningún registro.
UI_MINE_WHY = Por qué
UI_MINE_HIDDEN = Donde dice *** hay alguien a quien usted no puede ver.
UI_MINE_VERSIONS = Versiones
UI_MINE_VERSION = Versión { $number }: puntuación { $score }
UI_MINE_NO_VERSIONS = Esta ficha todavía no se ha publicado.
UI_MINE_DRAFT = Este ciclo se está revisando: la puntuación puede cambiar hasta que se publique.
UI_MINE_NO_CARD = Todavía no tiene ficha de puntuación. Llega cuando se publica un ciclo que le incluye.
UI_MINE_STATEMENT = Extracto
UI_MINE_STATEMENTS = Extractos
UI_MINE_NO_STATEMENTS = Todavía no tiene extractos. Llegan cuando se hace una liquidación a partir de un ciclo publicado.
UI_MINE_EQUAL = Con un reparto igual
UI_MINE_LINES = De qué se compone
UI_MINE_NO_LINES = Este extracto solo paga ajustes.
UI_MINE_ADJUSTMENTS = Rectificación de extractos anteriores
UI_MINE_DELTAS = Montos rectificados
UI_MINE_LEFT = Pendiente de liquidar:
UI_MINE_LEFT_NEXT = Queda para el próximo extracto:
UI_MINE_BEHIND =
    La puntuación se basa en { $total ->
        [one] 1 registro
       *[other] { $total } registros
    }; { $count ->
        [one] figura 1
       *[other] figuran { $count }
    }.
UI_MINE_NO_DAYS = Ni marcaciones ni turnos en este mes.
UI_MINE_FINDINGS = Qué es extraño sobre usted
UI_MINE_NO_FINDINGS = Nada: sus marcaciones y sus registros concuerdan.
UI_MINE_ADVICE = Qué hacer:
UI_MINE_FIX = Solicitar lo que lo rectifica
UI_MINE_CORRECTIONS = Correcciones
UI_MINE_NO_CORRECTIONS = No ha solicitado ninguna corrección.
UI_MINE_WITHDRAW = Retirar
UI_MINE_HANDOVERS = Traspasos
UI_MINE_NO_HANDOVERS = Este mes no tomó ni entregó ninguna cuenta.
UI_MINE_ADD = Agregar una marcación
UI_MINE_MOVE_TITLE = Rectificar una marcación
UI_MINE_VOID_TITLE = Una marcación que no ocurrió
UI_MINE_IT_WAS = Dice: { $kind }, { $at }
UI_MINE_RIGHT_SAID = Lo aprueba otra persona; hasta entonces todo queda como está. Lo registrado nunca se borra.
UI_MINE_WHEN = Cuándo fue
UI_MINE_KIND = Entrada o salida
UI_MINE_ASK = Solicitar
WORD_PUNCH_KIND_IN = Entrada
WORD_PUNCH_KIND_OUT = Salida
WORD_PUNCH_VERDICT_ACCEPTED = Correcto
WORD_PUNCH_VERDICT_DOUBLE_IN = Ya había una entrada: con esta se empieza de nuevo
WORD_PUNCH_VERDICT_OUT_WITHOUT_IN = Salida sin una entrada anterior
WORD_PUNCH_VERDICT_OFF_ROSTER = No previsto a esta hora
WORD_HANDOVER_KIND_TAKE = Toma
WORD_HANDOVER_KIND_RELEASE = Entrega
WORD_CORRECTION_STATE_WAITING = Espera aprobación
WORD_CORRECTION_STATE_APPROVED = Aprobada
WORD_CORRECTION_STATE_MADE = Hecha
WORD_CORRECTION_STATE_REJECTED = Rechazada
WORD_CORRECTION_STATE_WITHDRAWN = Retirada
WORD_PUNCH_KIND_UNSPECIFIED = Marcación
WORD_HANDOVER_KIND_UNSPECIFIED = Traspaso
UI_DIALOGUES_AT_ONCE =
    { $count ->
        [one] 1 conversación a la vez
       *[other] { $count } conversaciones a la vez
    }

## Console: team

NAV_TEAM_MONTH = Mes del equipo
NAV_TEAM_ACCOUNTS = Cuentas en el tiempo
NAV_FINDINGS = Hallazgos
NAV_HANDOVERS = Traspasos
NAV_ROSTER = Plan de turnos
UI_TEAM_ABOUT = Sobre
UI_TEAM_ACCOUNT = Cuenta
UI_TEAM_ACCOUNTS_SAID = Elija una cuenta para ver quién la tenía, qué llegó y de quién es.
UI_TEAM_ASK_TO_PUT_RIGHT = Solicitar corrección
UI_TEAM_BEGAN = Inicio
UI_TEAM_BROUGHT_BY = La corrección que lo trajo
UI_TEAM_BY_ACCOUNTS = Por cuentas
UI_TEAM_BY_PEOPLE = Por personas
UI_TEAM_BY_WHAT = Personas o cuentas
UI_TEAM_CANCEL_SHIFT = Cancelar el turno
UI_TEAM_CERTAIN = Seguro
UI_TEAM_CERTAIN_SAID = con nombre, reivindicado, con la cuenta por traspaso o única persona de servicio
UI_TEAM_CHANGE_SHIFT = Cambiar el turno
UI_TEAM_COLLABORATION = Colaboración
UI_TEAM_COMPARED_WITH = En comparación con { $before }
UI_TEAM_CORRECTIONS_WAIT =
    { $count ->
        [one] 1 corrección de un traspaso espera aprobación
       *[other] { $count } correcciones de traspasos esperan aprobación
    }
UI_TEAM_CORRECTION_NOT_YOURS = Puede consultarlo, pero no solicitar su corrección.
UI_TEAM_CORRECTION_WAITS = Una corrección suya espera aprobación.
UI_TEAM_COUNTS_NO_MORE = Ya no cuenta, así que aquí no hay nada que rectificar.
UI_TEAM_COUNTS_NO_MORE_BY = La corrección por la que ya no cuenta
UI_TEAM_COUNTS_PUT_RIGHT = rectificado
UI_TEAM_CREDITED_TO_NOBODY =
    { $count ->
        [one] 1 registro de estos días no se atribuye a nadie.
       *[other] { $count } registros de estos días no se atribuyen a nadie.
    }
UI_TEAM_CREDITS_OF = Atribución según
UI_TEAM_CUSTOMER = Cliente
UI_TEAM_CYCLE = Ciclo
UI_TEAM_DAYS =
    { $count ->
        [one] 1 día
       *[other] { $count } días
    }
UI_TEAM_DAYS_SHOWN = Días que se muestran
UI_TEAM_DAYS_TOO_MANY =
    { $limit ->
        [one] { $limit } día como máximo a la vez
       *[other] { $limit } días como máximo a la vez
    }
UI_TEAM_DAY_DRAWN =
    { $day }: { $records ->
        [one] 1 registro
       *[other] { $records } registros
    }, { $gaps ->
        [0] alguien de servicio todo el día
        [one] 1 tramo sin nadie de servicio
       *[other] { $gaps } tramos sin nadie de servicio
    }.
UI_TEAM_DEVICE = Dispositivo
UI_TEAM_DUTY_AS_TABLE = Servicio en tabla
UI_TEAM_EARLIER_VERSIONS = Versiones anteriores
UI_TEAM_ENDED = Fin
UI_TEAM_END_HINT = Si no es posterior al inicio, termina al día siguiente.
UI_TEAM_EVIDENCE = Indicios
UI_TEAM_FINDINGS_OF = Hallazgos de
UI_TEAM_FIRST_DAY = Primer día
UI_TEAM_FIRST_REPLY = Primera respuesta
UI_TEAM_FIX = Se puede rectificar
UI_TEAM_FIXABLE =
    { $count ->
        [one] 1 de estos se puede rectificar desde aquí: ábralo para ver qué se haría.
       *[other] { $count } de estos se pueden rectificar desde aquí: abra uno para ver qué se haría.
    }
UI_TEAM_FIX_ALIAS = “{ $alias }” en { $platform } designará a { $person }.
UI_TEAM_FIX_AT_ONCE = Cuenta de inmediato.
UI_TEAM_FIX_CLOSE = El ciclo se cerrará de nuevo.
UI_TEAM_FIX_HANDOVER = Se agregará un traspaso de { $account } por { $person }: { $kind }, { $at }.
UI_TEAM_FIX_MOVE = El registro { $record } pasará de { $from } a { $to }.
UI_TEAM_FIX_NONE = Qué lo rectifica no se deduce de lo que se conoce: debe indicarlo alguien que estuvo allí. El consejo de arriba dice qué hacer.
UI_TEAM_FIX_NOT_YOURS = Puede rectificarlo alguien con más derechos.
UI_TEAM_FIX_OTHER = Se llamará a { $call }.
UI_TEAM_FIX_PUNCH = Se agregará una marcación de { $person }: { $kind }, { $at }.
UI_TEAM_FIX_THERE = se puede rectificar
UI_TEAM_FIX_WAITS = Otra persona debe aprobarlo para que cuente.
UI_TEAM_FORGOTTEN_HANDOVER = Agregar un traspaso olvidado
UI_TEAM_MONDAY = lun
UI_TEAM_TUESDAY = mar
UI_TEAM_WEDNESDAY = mié
UI_TEAM_THURSDAY = jue
UI_TEAM_FRIDAY = vie
UI_TEAM_SATURDAY = sáb
UI_TEAM_SUNDAY = dom
UI_TEAM_FROM = De
UI_TEAM_GAP_AT = nadie { $gaps }
UI_TEAM_GAP_BUSY = Nadie de servicio, y llegaron registros
UI_TEAM_HANDOVER = Traspaso
UI_TEAM_HOW_KNOWN = Cómo se sabe
UI_TEAM_HOW_SURE = Certeza
UI_TEAM_HOW_THE_SCORE_CAME = Cómo resultó la puntuación
UI_TEAM_INDICATOR = Indicador
UI_TEAM_KIND = Tipo
UI_TEAM_LAST_DAY = Último día
UI_TEAM_LAST_DAY_HINT = Vacío: solo el primer día.
UI_TEAM_LEGEND = Cómo leerlo
UI_TEAM_LEGEND_SAID = Cada registro se pinta con los colores de las personas a quienes se atribuye, cada uno con la altura de su parte, y más tenue cuanto menor es. La letra es de quien tiene más; los nombres están en las franjas. Los círculos son marcaciones y traspasos: llenos para entrada y toma, huecos para salida y entrega.
UI_TEAM_LOOK_AT_IT = Verlo
UI_TEAM_MOVED = Cambio de puntuación
UI_TEAM_MOVE_HINT = Solo se lee si ocurrió a otra hora.
UI_TEAM_NAMED = Agente con nombre
UI_TEAM_NOBODY = Nadie
UI_TEAM_NOBODY_ON_DUTY = Nadie de servicio
UI_TEAM_NOTHING_ODD = No hay nada extraño en este mes.
UI_TEAM_NOT_CREDITED = aún sin atribuir
UI_TEAM_NOT_CREDITED_YET = Aquí todavía no se atribuye nada: ningún ciclo cerrado ni cálculo lo abarca. Se muestra qué llegó y quién estaba de servicio.
UI_TEAM_NO_ACCOUNTS = No hay ninguna cuenta donde usted puede consultar.
UI_TEAM_NO_CARDS = No hay fichas de puntuación donde usted puede consultar.
UI_TEAM_NO_CARDS_DO = Aparecen cuando se cierra un ciclo. Elija otro ciclo arriba, o mire entretanto las cuentas.
UI_TEAM_NO_CARD_OF_PERSON = No hay ninguna ficha de esta persona en este ciclo.
UI_TEAM_NO_FINDINGS = No se encontró nada que convenga revisar.
UI_TEAM_NO_FINDINGS_DO = Los hallazgos llegan con cada cálculo de atribución, también antes de cerrar un ciclo.
UI_TEAM_NO_HANDOVERS = Ningún traspaso en estos días.
UI_TEAM_NO_HANDOVERS_DO = Elija otros días arriba. Los traspasos se registran donde se toma y se entrega una cuenta.
UI_TEAM_NO_RECORDS = No llegó ningún registro en estos días.
UI_TEAM_NO_SHIFT = sin turno
UI_TEAM_ON_DUTY = De servicio
UI_TEAM_ON_DUTY_HELD = De servicio por traspaso
UI_TEAM_ON_DUTY_LOOSE = De servicio como parte del equipo
UI_TEAM_OTHERS = Personas que usted no puede ver
UI_TEAM_OTHER_ACCOUNT = Una cuenta que usted no puede ver
UI_TEAM_OUTSIDE = Registros fuera
UI_TEAM_PERSON = Persona
UI_TEAM_PERSON_HINT = Un nombre o un número de empleado de la lista.
UI_TEAM_PHASE = Se usa como
UI_TEAM_PLATFORM = Plataforma
UI_TEAM_POINTS = Puntos
UI_TEAM_POINTS_BY_INDICATOR = Puntos de cada indicador
UI_TEAM_POLICY = Política
UI_TEAM_PUBLISH_SAID = Las horas son de la zona de la cuenta. Quien trabaja en el turno lo ve de inmediato.
UI_TEAM_PUBLISH_SHIFTS = Publicar turnos
UI_TEAM_PUNCHED = Entrada marcada
UI_TEAM_PUT_IT_RIGHT = Rectificar
UI_TEAM_PUT_RIGHT_BECAUSE = Por qué se rectificó
UI_TEAM_RANGE = Intervalo (90 %)
UI_TEAM_RANK = Posición
UI_TEAM_RANK_OF = { $rank } de { $of }
UI_TEAM_RATING = Valoración
UI_TEAM_RECORD = Registro
UI_TEAM_RECORDS = Registros
UI_TEAM_RECORDS_AS_TABLE = Registros en tabla
UI_TEAM_RECORDS_CAME = llegaron registros
UI_TEAM_RECORDS_CREDITED = atribuidos a las personas que usted puede ver
UI_TEAM_REFUND_OF = Reembolso de
UI_TEAM_RESOLVED = Resuelto
UI_TEAM_ROSTERED = Con turno
UI_TEAM_SCORE = Puntuación
UI_TEAM_SCORE_MEDIAN = Mediana de la puntuación
UI_TEAM_SEAT = Estación
UI_TEAM_SECONDS = { $seconds } s
UI_TEAM_SHIFT = Turno
UI_TEAM_SHIFT_COUNTS_NO_MORE = Este turno ya no cuenta: cambie el que cuenta en su lugar.
UI_TEAM_SHIFT_NOT_YOURS = Puede consultar este turno, pero no cambiarlo.
UI_TEAM_SHIFT_REASON_HINT = Necesario una vez que el turno ha empezado.
UI_TEAM_STORE = Tienda
UI_TEAM_SURE_KNOWN = Seguro
UI_TEAM_SURE_NOBODY = No atribuido a nadie
UI_TEAM_SURE_SHARED = Repartido por igual, nada permite distinguir
UI_TEAM_SURE_WEIGHED = Ponderado según los indicios
UI_TEAM_TARGET = Meta
UI_TEAM_TIMES_IN = Horas de { $zone } ({ $offset }).
UI_TEAM_TIMES_OF_ACCOUNTS = Las horas son de la zona de cada cuenta.
UI_TEAM_TO = A
UI_TEAM_TODAY = Hoy
UI_TEAM_TO_THE_CARD = Ver la ficha
UI_TEAM_TO_THE_FINDINGS = Hallazgos de este mes
UI_TEAM_TO_THE_TABLE = Ir a la tabla de registros
UI_TEAM_TO_THE_TIMELINE = Línea de tiempo
UI_TEAM_VALUE = Valor
UI_TEAM_VIEW = Cuánto se muestra
UI_TEAM_VIEW_DAY = Día
UI_TEAM_VIEW_MONTH = Mes
UI_TEAM_VIEW_WEEK = Semana
UI_TEAM_WEIGHT = Peso
UI_TEAM_WHAT = Qué
UI_TEAM_WHAT_CORRECTIONS_CHANGED = Qué cambiaron las correcciones
UI_TEAM_WHAT_IS_ODD = Qué es extraño
UI_TEAM_WHAT_IS_RIGHT = Qué es lo correcto
UI_TEAM_WHAT_IT_WAS = Qué era
UI_TEAM_WHAT_SHOWS_IT = Qué lo demuestra
UI_TEAM_WHAT_TO_DO = Qué hacer
UI_TEAM_WHAT_WAS_PUT_RIGHT = Qué se rectificó
UI_TEAM_WHAT_WAS_SEEN = Qué se vio
UI_TEAM_WHEN = Cuándo
UI_TEAM_WHEN_IT_WAS = Cuándo fue
UI_TEAM_WHERE_THE_RECORDS_ARE = Dónde están los registros
UI_TEAM_WHOSE = De quién es
UI_TEAM_WHY = Por qué
UI_TEAM_ZONE_OF_DAYS = Zona de sus días
WORD_DUTY_RULE_HANDOVER = la tenía por traspaso
WORD_DUTY_RULE_ROSTER = con turno, y ninguna marcación en contra
WORD_DUTY_RULE_PUNCH = del equipo, y con entrada marcada
WORD_DUTY_RULE_TEAM = sin indicios: todo el equipo
WORD_VERSION_END_REVISED = revisado por quien lo envió
WORD_VERSION_END_MOVED = movido a otra cuenta
WORD_VERSION_END_WITHDRAWN = retirado
WORD_NOBODY_ON_DUTY = nadie estaba de servicio
DONE_FIX_ASKED = Solicitado. Ahora lo aprueba otra persona
DONE_FIX_MADE = Rectificado
DONE_CORRECTION_ASKED = Solicitada. Ahora la aprueba otra persona
DONE_SHIFTS_PUBLISHED = Turnos publicados
DONE_SHIFT_CHANGED = Turno cambiado
DONE_SHIFT_CANCELLED = Turno cancelado

## Console: words that other rooms have too

WORD_RECORD_AGGREGATION_MEAN = Su media
WORD_RECORD_AGGREGATION_SUM = Su suma
WORD_RECORD_AGGREGATION_COUNT = Cuántos son
WORD_RECORD_AGGREGATION_SHARE = El porcentaje que cumple la condición
WORD_RECORD_AGGREGATION_DISTINCT = Cuántos clientes
WORD_OBSERVATION_AGGREGATION_SUM = Su suma
WORD_OBSERVATION_AGGREGATION_MEAN = Su media
WORD_OBSERVATION_AGGREGATION_LAST = La última
WORD_OBSERVATION_OF_PERSON = La persona
WORD_OBSERVATION_OF_UNIT = La unidad de la persona
WORD_OBSERVATION_OF_ACCOUNT = Una cuenta
WORD_OBSERVATION_OF_STORE = Una tienda
WORD_OBSERVATION_OF_CAMPAIGN = Una campaña
WORD_COMPARISON_AT_MOST = no mayor
WORD_COMPARISON_AT_LEAST = no menor
WORD_COMPARISON_BELOW = menor
WORD_COMPARISON_ABOVE = mayor
WORD_COMPARISON_EQUAL = exactamente igual
DONE_SCHEME_SAVED = La versión se guardó.
DONE_SCHEME_WITHDRAWN = Ya no está en uso.
DONE_MEASURE_SAVED = La medida se guardó.
DONE_MEASURE_RETIRED = La medida se retiró.
DONE_CYCLE_MADE = El ciclo se creó.
DONE_CYCLE_CLOSING = El cierre ha empezado.
DONE_CYCLE_CANCELLED = Se detuvo.
DONE_CYCLE_CORRECTING = La corrección se está calculando.
DONE_CYCLE_PUBLISHED = El resultado se publicó.
DONE_RUN_STARTED = El cálculo ha empezado.
DONE_RUN_CANCELLED = El cálculo se detuvo.
DONE_OBSERVATION_WITHDRAWN = La observación se retiró.
WORD_FINDING_MISSING_PUNCH = Falta una marcación
WORD_FINDING_DOUBLE_IN = Dos marcaciones de entrada
WORD_FINDING_TAG_OFF_DUTY = La plataforma nombra a alguien fuera de servicio
WORD_FINDING_UNCOVERED_SHIFT = Turno que nadie trabajó
WORD_FINDING_NAMED_WITHOUT_AGENT = Nombre que no es de ningún agente
WORD_FINDING_MISSING_RELEASE = Cuenta nunca entregada
WORD_FINDING_CLAIM_OFF_DUTY = Reivindicación fuera de servicio
WORD_FINDING_OVERLAP = Dos personas en una cuenta a la vez
WORD_FINDING_SEVERAL_AT_ONCE = En varias cuentas a la vez
WORD_FINDING_TOO_FEW_REPLIES = Demasiado pocas respuestas para saberlo
WORD_FINDING_DEVICE_OFF_DUTY = Dispositivo de alguien fuera de servicio
WORD_FINDING_MIXED_WITHOUT_TAG = Cuenta mixta sin nombres
WORD_FINDING_NO_DUTY_EVIDENCE = Sin indicios de servicio
WORD_FINDING_CLAIMS_DIFFER = Reivindicaciones que se contradicen
WORD_FINDING_CLAIM_WITHOUT_RECORD = Reivindicación sin registro
WORD_FINDING_BREAKS_NOT_PUNCHED = Pausas que nadie marcó
WORD_FINDING_DEVICE_OF_NOBODY = Dispositivo de nadie
WORD_FINDING_EVIDENCE_UNEVEN = Indicios desiguales
WORD_FINDING_EVIDENCE_NOT_READ = Indicios que no se leyeron
DONE_CAME = Entrada marcada.
DONE_LEFT = Salida marcada.
DONE_PUNCHED = La marcación se registró.
DONE_TOOK = La cuenta es suya desde ahora.
DONE_RELEASED = La cuenta se entregó.
DONE_ASKED = Solicitado: lo aprueba otra persona.
DONE_WITHDRAWN = Retirado.

## Console: pay

NAV_POOLS = Bolsas
NAV_SETTLEMENTS = Liquidaciones
NAV_STATEMENTS = Extractos
NAV_PAY_CORRECTIONS = Correcciones de pago
NAV_RATES = Tipos de cambio
WORD_SETTLEMENT_STATE_DRAFT = En borrador
WORD_SETTLEMENT_STATE_APPROVED = Aprobada
WORD_SETTLEMENT_STATE_POSTED = Contabilizada
WORD_SETTLEMENT_STATE_DISCARDED = Desechada
WORD_PAY_CORRECTION_STATE_DRAFT = En borrador
WORD_PAY_CORRECTION_STATE_APPROVED = Aprobada
WORD_PAY_CORRECTION_STATE_WITHDRAWN = Retirada
DONE_POOL_MADE = La bolsa se creó.
DONE_SETTLEMENT_DRAFTED = La liquidación está en borrador. La aprueba otra persona.
DONE_PAY_APPROVED = La liquidación está aprobada. Ya se puede contabilizar.
DONE_PAY_POSTED = La liquidación está contabilizada. No cambia nunca más.
DONE_PAY_DISCARDED = La liquidación se desechó.
DONE_NOTHING_MOVED_ON = No se hizo nada: ya había cambiado de estado. Así está ahora.
DONE_PAY_CORRECTION_DRAFTED = La corrección está en borrador. La aprueba otra persona.
DONE_PAY_CORRECTION_APPROVED = La corrección está aprobada. Las próximas liquidaciones pagan las diferencias.
DONE_PAY_CORRECTION_WITHDRAWN = La corrección se retiró.
DONE_RATE_SET = El tipo de cambio se registró.
DONE_RATE_KNOWN = No se registró nada: este tipo de cambio ya se conocía.
UI_PAY_ACCOUNT = Cuenta
UI_PAY_ACCOUNT_HIDDEN = Una cuenta que usted no puede ver
UI_PAY_ADJUSTMENTS = Correcciones de meses anteriores
UI_PAY_ADJUSTMENTS_ALONE = Este extracto no tiene parte de la bolsa: solo paga correcciones de meses anteriores.
UI_PAY_ALSO_SUPERSEDED = Mostrar también lo que ya no cuenta
UI_PAY_AMOUNTS_HIDDEN = Usted puede ver que hay extractos, pero no cuánto se paga a cada persona: los montos no se enviaron a esta página.
UI_PAY_AMOUNT_HINT = Dígitos con un punto como máximo, por ejemplo 120000.50.
UI_PAY_ANOTHER_ACCOUNT = otra identidad de acceso (…{ $tail })
UI_PAY_APPROVAL_ELSEWHERE = Espera la aprobación de alguien que pueda aprobar. Usted no puede.
UI_PAY_APPROVE = Aprobar
UI_PAY_APPROVE_PAY_CORRECTION_SAID = Desde entonces, las próximas liquidaciones pagan o descuentan las diferencias.
UI_PAY_APPROVE_SAID = Usted no la preparó, así que puede aprobarla. Revise antes las líneas y la suma.
UI_PAY_BEFORE = Antes
UI_PAY_BEFORE_ROUNDING = Antes de redondear
UI_PAY_BESIDE_THE_POOL = Aparte de la bolsa
UI_PAY_CARRY = Arrastrar los céntimos sobrantes al mes siguiente
UI_PAY_CARRY_HINT = Los céntimos que no se pueden repartir por igual se arrastran de mes en mes, de modo que se compensan.
UI_PAY_CORRECTION = Corrección de pago
UI_PAY_CORRECTION_REASON_HINT = Lo muestra cada extracto que cambia.
UI_PAY_CORRECTION_SAID = Lo contabilizado se mantiene. La bolsa se reparte otra vez según las fichas de puntuación tal como están ahora, y la próxima liquidación paga la diferencia de cada persona.
UI_PAY_COUNTS = Vigente
UI_PAY_CURRENCY = Moneda
UI_PAY_CURRENCY_HINT = Tres letras, por ejemplo CNY.
UI_PAY_CYCLE = Ciclo
UI_PAY_CYCLE_HIDDEN = Un ciclo que usted no puede ver
UI_PAY_DELTAS = Quién recibe otro monto
UI_PAY_DIFFERENCE = Diferencia
UI_PAY_DISCARD = Desechar
UI_PAY_DISCARD_SAID = Desecha la liquidación. Después la bolsa se puede repartir de nuevo.
UI_PAY_DRAFT_PAY_CORRECTION = Preparar esta corrección
UI_PAY_DRAFT_SETTLEMENT = Preparar una liquidación
UI_PAY_EQUAL_SPLIT = Reparto igual
UI_PAY_EQUAL_SPLIT_SAID = lo que recibiría cada persona sin puntuaciones
UI_PAY_FLOOR = Puntuación por encima de la cual cuentan los puntos
UI_PAY_FLOOR_HINT = Con esa puntuación o menos no se recibe nada; vacío significa 0.
UI_PAY_FUND_NAME = Nombre del fondo
UI_PAY_HIDDEN = oculto
UI_PAY_HOW_KNOWN = Cómo se sabe
UI_PAY_HOW_MADE = Cómo se forma el monto
UI_PAY_HOW_SPLIT = Cómo se reparte
UI_PAY_IN = En
UI_PAY_LEFT_TO_PAY = Pendiente de pago
UI_PAY_LESS = Menos, en total
UI_PAY_LINES_TOGETHER = Todas las líneas juntas
UI_PAY_LOWEST_SCORE = puntuación mínima
UI_PAY_MAKE_POOL = Crear la bolsa
UI_PAY_MORE = Más, en total
UI_PAY_NAME_HIDDEN = Nombre oculto
UI_PAY_NEW_PAY_CORRECTION = Corregir el pago
UI_PAY_NEW_POOL = Nueva bolsa
UI_PAY_NEW_RATE = Nuevo tipo de cambio
UI_PAY_NEW_SETTLEMENT = Nueva liquidación
UI_PAY_NOW = Ahora
UI_PAY_NO_CARRY = Los céntimos sobrantes se reparten dentro del mes.
UI_PAY_NO_DELTAS = Nadie recibe otro monto.
UI_PAY_NO_PAY_CORRECTIONS = Todavía no se ha corregido ningún pago. Una liquidación contabilizada se rectifica con una corrección.
UI_PAY_NO_PERCENT = no es un porcentaje de 0 a 100 con cuatro dígitos como máximo después del punto
UI_PAY_NO_POOLS = Todavía no hay ninguna bolsa. Cree una para un ciclo: un monto, y cómo se reparte.
UI_PAY_NO_POOL_READY = Ahora no se puede repartir ninguna bolsa: todas están pagadas o en curso, o su ciclo no está publicado. Cree una bolsa, o publique primero el ciclo.
UI_PAY_NO_POSTED_SETTLEMENT = Todavía no hay nada contabilizado, así que no hay nada que rectificar. Un borrador se desecha y se prepara de nuevo.
UI_PAY_NO_RATES = Todavía no se conoce ningún tipo de cambio. Solo se necesita uno donde se calcula con dinero de otra moneda.
UI_PAY_NO_RECORDS_BEHIND = Ningún registro respalda este extracto.
UI_PAY_NO_SETTLEMENTS = Todavía no se ha liquidado nada. Prepare una liquidación a partir de un ciclo publicado y una bolsa.
UI_PAY_NO_SETTLEMENT_OF_POOL = La bolsa todavía no está liquidada: prepare una liquidación.
UI_PAY_NO_STATEMENTS = Aquí no hay ningún extracto que usted pueda ver.
UI_PAY_NOT_PUBLISHED = aún sin publicar
UI_PAY_NUMBER = Número
UI_PAY_NUMBERED = { $at }. { $label }
UI_PAY_OF_THE_POOL = De la bolsa
UI_PAY_ONE_OF = Una unidad de
UI_PAY_ONLY_COUNTING = Mostrar solo lo que cuenta
UI_PAY_PAID = Pagado a personas
UI_PAY_PART_FUND_SAID = Esta parte se reserva para el equipo y no se paga a nadie. Deje la parte vacía para prescindir de ella.
UI_PAY_PART_PROPORTIONAL_SAID = Cada persona recibe según los puntos por encima del mínimo. Deje la parte vacía para prescindir de ella.
UI_PAY_PART_TIERS_SAID = El mejor tramo primero. Cada tramo toma un porcentaje de las personas, o todas a partir de una puntuación; quien está en él tiene su peso. Deje la parte vacía para prescindir de ella.
UI_PAY_PERCENT_OF_POOL = Porcentaje de la bolsa
UI_PAY_POOL = Bolsa
UI_PAY_POOLS_WAIT =
    { $count ->
        [one] Una bolsa no está entre las opciones: las puntuaciones de su ciclo no están publicadas.
       *[other] { $count } bolsas no están entre las opciones: las puntuaciones de sus ciclos no están publicadas.
    }
UI_PAY_POOL_NAME_HINT = Por ejemplo: Bono de marzo.
UI_PAY_POOL_TO_SPLIT_HINT = Solo bolsas cuyo ciclo está publicado y que aún no están pagadas.
UI_PAY_POOL_UNIT_HINT = A quién paga: la unidad del ciclo o una inferior. Vacío significa todo el ciclo.
UI_PAY_POOL_WAITS = La bolsa se puede liquidar cuando se publiquen las puntuaciones de su ciclo.
UI_PAY_POST = Contabilizar
UI_PAY_POSTING_ELSEWHERE = Espera a alguien que pueda contabilizar. Usted no puede.
UI_PAY_POST_SAID = Desde entonces no cambia nunca, y la bolsa queda pagada.
UI_PAY_PREPARED_AT = Preparada
UI_PAY_PUBLISHED = publicado
UI_PAY_QUOTA = porcentaje de las personas
UI_PAY_RATE = Tipo de cambio
UI_PAY_RATES_SAID = Un tipo de cambio vale hasta el siguiente de las mismas monedas. Lo que se dijo antes sigue siendo consultable.
UI_PAY_RATE_HINT = Por ejemplo 7.1234.
UI_PAY_RECORD = Registro
UI_PAY_RECORDS_BEHIND = Registros que lo respaldan
UI_PAY_RECORDS_TRACED =
    { $all ->
        [one] { $count } de { $all } registro
       *[other] { $count } de { $all } registros
    }
UI_PAY_ROW_REFUSED = { $said }
UI_PAY_RULE_FUND_SAID = Se reserva para el equipo, y no se paga a nadie.
UI_PAY_RULE_PROPORTIONAL = En proporción a la puntuación
UI_PAY_RULE_PROPORTIONAL_SAID = Cada persona recibe según los puntos por encima de { $floor }.
UI_PAY_RULE_TIERS = Por tramos
UI_PAY_RULE_TIERS_SAID = Quien está en un tramo tiene su peso; la parte se reparte según los pesos.
UI_PAY_SAY_SURE = marque la confirmación para continuar
UI_PAY_SCORE = Puntuación
UI_PAY_SETTLEMENT = Liquidación
UI_PAY_SETTLEMENT_LINES = Qué recibe cada persona
UI_PAY_SETTLEMENT_LINES_SAID = Cada fila lleva al extracto: sus pasos, la ficha de puntuación y los registros que lo respaldan. Las puntuaciones son de
UI_PAY_SET_RATE = Registrar el tipo de cambio
UI_PAY_SHARES_SUM = las partes suman { $sum } %, no 100 %
UI_PAY_SHOW_DIFFERENCE = Ver qué cambiaría
UI_PAY_SHOW_MORE = Mostrar más
UI_PAY_SOURCE = Fuente
UI_PAY_SOURCE_HINT = Por ejemplo, el tipo diario del banco central.
UI_PAY_STATEMENT = Extracto
UI_PAY_STEP_APPROVED = Aprobada
UI_PAY_STEP_DISCARDED = Desechada
UI_PAY_STEP_DRAFTED = En borrador
UI_PAY_STEP_POSTED = Contabilizada
UI_PAY_STEP_PREPARED = Preparada
UI_PAY_STEP_WAITS_APPROVAL = Espera la aprobación de otra persona
UI_PAY_STEP_WAITS_POSTING = Espera a que se contabilice
UI_PAY_STEP_WITHDRAWN = Retirada
UI_PAY_SUM = La suma
UI_PAY_SUM_FAILS = No suma lo que la bolsa
UI_PAY_SUM_HOLDS = Igual a la bolsa, al céntimo
UI_PAY_SUPERSEDED = Ya no cuenta
UI_PAY_TEAM_FUND = Fondo del equipo
UI_PAY_TIER = Tramo
UI_PAY_TIER_FROM = a partir de una puntuación de { $score }
UI_PAY_TIER_QUOTA = { $quota } de las personas
UI_PAY_TO_CARD = Ver la ficha de puntuación
UI_PAY_TO_RECORDS = Ver los registros
UI_PAY_TO_SETTLEMENT = La liquidación que se rectifica
UI_PAY_UNIT_HIDDEN = Una unidad que usted no puede ver
UI_PAY_UNKNOWN_STEP = eso no es un paso de esta página: cárguela de nuevo
UI_PAY_WEIGHT = Peso
UI_PAY_WEIGHT_OF = { $weight } de { $sum }
UI_PAY_WHAT_WOULD_CHANGE = Qué cambiaría
UI_PAY_WHO = Quién
UI_PAY_WHOLE_GROUP = Todo el grupo
UI_PAY_WHY = A qué se debe la diferencia
UI_PAY_WITHDRAW = Retirar
UI_PAY_WITHDRAW_SAID = Desecha el borrador; no cambia el pago de nadie.
UI_PAY_WOULD_CHANGE =
    { $people ->
        [one] Una persona recibe otro monto: { $more } más y { $less } menos. Aún no se ha escrito nada.
       *[other] { $people } personas reciben otro monto: { $more } más y { $less } menos. Aún no se ha escrito nada.
    }
UI_PAY_WRITTEN_AT = Registrado
UI_PAY_YOU = usted
UI_PAY_YOU_HAD_A_HAND = Usted la preparó o la aprobó, así que la contabiliza otra persona (cuatro ojos).
UI_PAY_YOU_PREPARED = Usted la preparó, así que la aprueba otra persona (cuatro ojos).

## Console: audit

NAV_AUDIT_LOG = Registro de auditoría
NAV_AUDIT_EXPORTS = Explicaciones
UI_AUDIT_BY_PERSON = Sobre una persona
UI_AUDIT_BY_ACCOUNT = De una identidad de acceso
UI_AUDIT_BY_THING = Sobre un objeto
UI_AUDIT_PERSON = Número de empleado, o ID de una persona
UI_AUDIT_THING = Sobre qué
UI_AUDIT_ID = Su ID
UI_AUDIT_FROM = Desde (día)
UI_AUDIT_TO = Hasta (día, incluido)
UI_AUDIT_FOUND = Qué dicen los registros de auditoría
UI_AUDIT_ASK = Pregunte por una persona, una identidad de acceso o un objeto: los cinco servicios responden en una sola lista, lo más reciente primero.
UI_AUDIT_NOTHING = Los registros de auditoría no dicen nada de esto en estos días, donde usted puede leer.
UI_AUDIT_NO_DAY = “{ $text }” no es un día: escriba uno como 2026-03-31
UI_AUDIT_NOBODY = nadie a quien usted pueda leer tiene el número de empleado “{ $text }”
UI_AUDIT_NO_ACCOUNT = no hay ninguna identidad de acceso “{ $text }” entre aquellas cuyo nombre usted puede leer: escriba su ID
UI_AUDIT_SILENT = Estos servicios no respondieron, así que aquí faltan sus entradas. Inténtelo de nuevo.
UI_AUDIT_NEWEST = A lo más reciente
UI_AUDIT_OLDER = Entradas anteriores
UI_AUDIT_WHEN = Cuándo
UI_AUDIT_WHO = Quién
UI_AUDIT_WHAT = Qué se hizo
UI_AUDIT_LOG_OF = Registro de
UI_AUDIT_NOTES = Notas
UI_AUDIT_ACTION = Acción
UI_AUDIT_METHOD = Rpc
UI_AUDIT_POSITION = Posición en la cadena
UI_AUDIT_SERVICE = el servicio { $name }
UI_AUDIT_NOBODY_SIGNED_IN = nadie con sesión iniciada
UI_AUDIT_EXPORTS_SAID = Del conjunto a cada registro: las fichas de un ciclo, cada liquidación con sus líneas, cada extracto con los registros que lo respaldan. Cada lista se puede descargar tal como se muestra.
UI_AUDIT_NO_MONTHS = Todavía no hay ningún ciclo publicado.
UI_AUDIT_A_CORRECTION = corrección
UI_AUDIT_CARDS = Ciclo y fichas de puntuación
UI_AUDIT_LOG_OF_IT = Su registro de auditoría
WORD_SERVICE_IDENTITY = identidad
WORD_SERVICE_ATTENDANCE = asistencia
WORD_SERVICE_PERFORMANCE = desempeño
WORD_SERVICE_COMPENSATION = compensación
WORD_SERVICE_TALENT = talento
WORD_THING_ACCOUNT = Cuenta
WORD_THING_ALIAS = Alias
WORD_THING_API_KEY = Clave de API
WORD_THING_ATTRIBUTION_RUN = Cálculo de atribución
WORD_THING_BREAK_GLASS = Acceso de emergencia
WORD_THING_CARD = Ficha de puntuación
WORD_THING_CATALOGUE = Catálogo
WORD_THING_CLAIM = Reivindicación
WORD_THING_CORRECTION = Corrección
WORD_THING_CYCLE = Ciclo
WORD_THING_DATA_KEY = Clave de datos
WORD_THING_DELEGATION = Delegación
WORD_THING_DEVICE = Dispositivo
WORD_THING_ERASURE = Supresión
WORD_THING_EVENT = Evento
WORD_THING_FINDING = Hallazgo
WORD_THING_GRANT = Autorización
WORD_THING_HANDOVER = Traspaso
WORD_THING_HOLD = Retención legal
WORD_THING_MEASURE = Medida
WORD_THING_OBSERVATION = Observación
WORD_THING_ORG_UNIT = Unidad
WORD_THING_PAY_CORRECTION = Corrección de pago
WORD_THING_PERSON = Persona
WORD_THING_POOL = Bolsa
WORD_THING_PRINCIPAL = Identidad de acceso
WORD_THING_PUNCH = Marcación
WORD_THING_RATE = Tipo de cambio
WORD_THING_RECORD = Registro de servicio
WORD_THING_REGION = Región
WORD_THING_REPLIES = Respuestas
WORD_THING_RETENTION = Plazo de conservación
WORD_THING_ROLE = Rol
WORD_THING_ROSTER = Plan de turnos
WORD_THING_ROW = Filas de una lista
WORD_THING_SCHEDULE = Cierre programado
WORD_THING_SCHEDULE_RUN = Ejecución de un cierre programado
WORD_THING_SCHEME = Esquema
WORD_THING_SESSION = Sesión
WORD_THING_SETTLEMENT = Liquidación
WORD_THING_SITE = Sede
WORD_THING_SSO_PROVIDER = Proveedor de inicio de sesión único
WORD_THING_STATEMENT = Extracto
WORD_THING_SUBJECT = Registro de auditoría de un objeto
WORD_THING_TABLE = Tabla
WORD_THING_TENANT = Grupo
WORD_THING_TRANSFER = Transferencia
WORD_DID_ATTENDANCE_ACCOUNT_READ = Leyó cuentas
WORD_DID_ATTENDANCE_ACCOUNT_WRITE = Escribió cuentas
WORD_DID_ATTENDANCE_ALIAS_READ = Leyó alias
WORD_DID_ATTENDANCE_ALIAS_WRITE = Escribió alias
WORD_DID_ATTENDANCE_CORRECTION_APPROVE = Aprobó una corrección
WORD_DID_ATTENDANCE_CORRECTION_MAKE = Rectificó algo
WORD_DID_ATTENDANCE_CORRECTION_READ = Leyó correcciones
WORD_DID_ATTENDANCE_CORRECTION_REJECT = Rechazó una corrección
WORD_DID_ATTENDANCE_CORRECTION_REQUEST = Solicitó una corrección
WORD_DID_ATTENDANCE_CORRECTION_WITHDRAW = Retiró una corrección
WORD_DID_ATTENDANCE_DEVICE_READ = Leyó dispositivos
WORD_DID_ATTENDANCE_DEVICE_WRITE = Escribió dispositivos
WORD_DID_ATTENDANCE_HANDOVER_IMPORT = Importó traspasos
WORD_DID_ATTENDANCE_HANDOVER_READ = Leyó traspasos
WORD_DID_ATTENDANCE_HANDOVER_RECORD = Traspasó una cuenta
WORD_DID_ATTENDANCE_OCCUPANCY_READ = Leyó quién tenía cuentas
WORD_DID_ATTENDANCE_PUNCH_IMPORT = Importó marcaciones
WORD_DID_ATTENDANCE_PUNCH_READ = Leyó marcaciones
WORD_DID_ATTENDANCE_PUNCH_RECORD = Marcó
WORD_DID_ATTENDANCE_ROSTER_READ = Leyó planes de turnos
WORD_DID_ATTENDANCE_ROSTER_WRITE = Escribió un plan de turnos
WORD_DID_ATTENDANCE_SITE_WRITE = Escribió sedes
WORD_DID_COMPENSATION_CORRECTION_APPROVE = Aprobó una corrección de pago
WORD_DID_COMPENSATION_CORRECTION_DRAFT = Preparó una corrección de pago
WORD_DID_COMPENSATION_CORRECTION_WITHDRAW = Retiró una corrección de pago
WORD_DID_COMPENSATION_POOL_CREATE = Creó una bolsa
WORD_DID_COMPENSATION_POOL_READ = Leyó bolsas
WORD_DID_COMPENSATION_SETTLEMENT_APPROVE = Aprobó una liquidación
WORD_DID_COMPENSATION_SETTLEMENT_DISCARD = Desechó una liquidación
WORD_DID_COMPENSATION_SETTLEMENT_DRAFT = Preparó una liquidación
WORD_DID_COMPENSATION_SETTLEMENT_POST = Contabilizó una liquidación
WORD_DID_COMPENSATION_SETTLEMENT_READ = Leyó liquidaciones
WORD_DID_COMPENSATION_STATEMENT_READ = Leyó extractos
WORD_DID_COMPENSATION_STATEMENT_READ_PAY = Leyó pagos
WORD_DID_IDENTITY_API_KEY_CREATE = Creó una clave de API
WORD_DID_IDENTITY_API_KEY_EXCHANGE = Inició sesión con una clave de API
WORD_DID_IDENTITY_API_KEY_REVOKE = Revocó una clave de API
WORD_DID_IDENTITY_BREAK_GLASS_END = Cerró un acceso de emergencia
WORD_DID_IDENTITY_BREAK_GLASS_OPEN = Abrió un acceso de emergencia
WORD_DID_IDENTITY_BREAK_GLASS_REFUSE = No se le concedió un acceso de emergencia
WORD_DID_IDENTITY_BREAK_GLASS_REVIEW = Revisó un acceso de emergencia
WORD_DID_IDENTITY_CATALOGUE_IMPORT = Importó un catálogo
WORD_DID_IDENTITY_DELEGATION_END = Puso fin a una delegación
WORD_DID_IDENTITY_DELEGATION_WRITE = Delegó derechos
WORD_DID_IDENTITY_EMPLOYMENT_END = Puso fin a un empleo
WORD_DID_IDENTITY_ENTITLEMENT_WRITE = Cambió los módulos del grupo
WORD_DID_IDENTITY_ERASURE_APPROVE = Aprobó una supresión
WORD_DID_IDENTITY_ERASURE_REJECT = Rechazó una supresión
WORD_DID_IDENTITY_ERASURE_REQUEST = Solicitó una supresión
WORD_DID_IDENTITY_ERASURE_WITHDRAW = Retiró una solicitud de supresión
WORD_DID_IDENTITY_GRANT_READ = Leyó quién puede qué
WORD_DID_IDENTITY_GRANT_REVOKE = Retiró un rol
WORD_DID_IDENTITY_GRANT_WRITE = Dio un rol
WORD_DID_IDENTITY_HOLD_LIFT = Levantó una retención legal
WORD_DID_IDENTITY_HOLD_SET = Estableció una retención legal
WORD_DID_IDENTITY_LOGIN_CREATE = Creó un usuario
WORD_DID_IDENTITY_ORG_CLOSE = Cerró una unidad
WORD_DID_IDENTITY_ORG_IMPORT = Importó unidades
WORD_DID_IDENTITY_ORG_MERGE = Fusionó unidades
WORD_DID_IDENTITY_PASSWORD_CHANGE = Cambió su contraseña
WORD_DID_IDENTITY_PASSWORD_RESET = Restableció una contraseña
WORD_DID_IDENTITY_PERSON_EXPORT = Exportó lo que se guarda sobre una persona
WORD_DID_IDENTITY_PERSON_IMPORT = Importó personas
WORD_DID_IDENTITY_PERSON_READ = Leyó personas
WORD_DID_IDENTITY_PERSON_READ_PII = Leyó la identidad de personas
WORD_DID_IDENTITY_PERSON_RECTIFY = Rectificó la identidad de una persona
WORD_DID_IDENTITY_RATE_SET = Registró tipos de cambio
WORD_DID_IDENTITY_REPORTING_SET = Indicó quién reporta a quién
WORD_DID_IDENTITY_REPORTING_END = Puso fin a una línea de reporte
WORD_DID_IDENTITY_RETENTION_SET = Indicó cuánto tiempo se conservan los datos
WORD_DID_IDENTITY_ROLE_DEFINE = Definió un rol
WORD_DID_IDENTITY_ROLE_RETIRE = Retiró un rol de uso
WORD_DID_IDENTITY_SECOND_FACTOR_BEGIN = Empezó un segundo factor
WORD_DID_IDENTITY_SECOND_FACTOR_CONFIRM = Confirmó un segundo factor
WORD_DID_IDENTITY_SECOND_FACTOR_REMOVE = Quitó un segundo factor
WORD_DID_IDENTITY_SERVICE_ACCOUNT_CREATE = Creó una cuenta de servicio
WORD_DID_IDENTITY_SESSION_END = Cerró una sesión
WORD_DID_IDENTITY_SESSION_END_ALL = Cerró todas las sesiones
WORD_DID_IDENTITY_SESSION_REFRESH = Continuó una sesión
WORD_DID_IDENTITY_SESSION_SIGN_IN = Inició sesión
WORD_DID_IDENTITY_SSO_PUT = Aceptó un proveedor de inicio de sesión único
WORD_DID_IDENTITY_SSO_REMOVE = Quitó un proveedor de inicio de sesión único
WORD_DID_IDENTITY_TENANT_INIT = Fundó el grupo
WORD_DID_PERFORMANCE_CARD_READ = Leyó fichas de puntuación
WORD_DID_PERFORMANCE_CLAIM_MAKE = Reivindicó conversaciones
WORD_DID_PERFORMANCE_CLAIM_WITHDRAW = Retiró una reivindicación
WORD_DID_PERFORMANCE_CREDIT_READ = Leyó atribuciones
WORD_DID_PERFORMANCE_CREDIT_EXPORT = Exportó atribuciones
WORD_DID_PERFORMANCE_CYCLE_CANCEL = Canceló el cierre de un ciclo
WORD_DID_PERFORMANCE_CYCLE_CLOSE = Empezó a cerrar un ciclo
WORD_DID_PERFORMANCE_CYCLE_FAIL = No pudo cerrar un ciclo
WORD_DID_PERFORMANCE_CYCLE_PROGRESS = Continuó el cierre de un ciclo
WORD_DID_PERFORMANCE_CYCLE_PUBLISH = Publicó un ciclo
WORD_DID_PERFORMANCE_CYCLE_READ = Leyó ciclos
WORD_DID_PERFORMANCE_CYCLE_SCORE = Puntuó un ciclo
WORD_DID_PERFORMANCE_CYCLE_WRITE = Escribió un ciclo
WORD_DID_PERFORMANCE_FINDING_APPLY_FIX = Aplicó la rectificación de un hallazgo
WORD_DID_PERFORMANCE_OBSERVATION_IMPORT = Importó observaciones
WORD_DID_PERFORMANCE_OBSERVATION_READ = Leyó observaciones
WORD_DID_PERFORMANCE_OBSERVATION_WITHDRAW = Retiró una observación
WORD_DID_PERFORMANCE_RECORD_IMPORT = Importó registros
WORD_DID_PERFORMANCE_RECORD_MOVE = Movió un registro
WORD_DID_PERFORMANCE_RECORD_READ = Leyó registros
WORD_DID_PERFORMANCE_RECORD_WITHDRAW = Retiró un registro
WORD_DID_PERFORMANCE_REPLY_IMPORT = Importó respuestas
WORD_DID_PERFORMANCE_RUN_ATTRIBUTE = Atribuyó registros
WORD_DID_PERFORMANCE_RUN_COLLECT = Reunió lo necesario para un cálculo de atribución
WORD_DID_PERFORMANCE_RUN_PROGRESS = Continuó un cálculo de atribución
WORD_DID_PERFORMANCE_CLAIM_IMPORT = Importó reivindicaciones
WORD_DID_PERFORMANCE_RUN_START = Inició un cálculo de atribución
WORD_DID_PERFORMANCE_SCHEME_EXPORT = Exportó un esquema
WORD_DID_PERFORMANCE_SCHEME_IMPORT = Importó un esquema
WORD_DID_PERFORMANCE_SCHEME_WITHDRAW = Retiró un esquema
WORD_DID_PERFORMANCE_SCHEME_WRITE = Escribió un esquema
WORD_DID_PERFORMANCE_TRANSFER_APPROVE = Aprobó una transferencia
WORD_DID_PERFORMANCE_TRANSFER_PREPARE = Preparó una transferencia
WORD_DID_PERFORMANCE_TRANSFER_RELEASE = Envió una transferencia
WORD_DID_SUITE_AUDIT_SEARCH = Consultó el registro de auditoría
WORD_DID_SUITE_PERSON_ERASE = Suprimió los datos de una persona
WORD_DID_SUITE_PERSON_EXPORT = Exportó lo que se guarda sobre una persona
WORD_DID_SUITE_RETENTION_RUN = Eliminó lo que superó su plazo
WORD_DID_SUITE_TENANT_EXPORT = Exportó todo lo del grupo
WORD_DID_TALENT_EVIDENCE_READ = Leyó indicios
WORD_DID_TALENT_EVIDENCE_RECORD = Registró indicios
WORD_DID_TALENT_PROFILE_READ = Leyó perfiles

## Console: platform


## Console: checks and replays, holds, retention, erasure and schedules

REPLAY_ACCOUNT_FIGURES = las cifras de la cuenta no corresponden a sus partes atribuidas
REPLAY_ADJUSTMENTS_OTHER = lo que se paga o se retiene por correcciones es distinto
REPLAY_AMOUNT_OTHER = otra puntuación u otro importe
REPLAY_CREDITED =
    { $records ->
        [one] { $records } registro atribuido
       *[other] { $records } registros atribuidos
    }
REPLAY_DIGEST_OTHER = la huella del ciclo no es la de sus datos de entrada y sus resultados
REPLAY_FIGURES =
    { $records ->
        [one] { $records } registro
       *[other] { $records } registros
    }, de ellos { $unattributed ->
        [one] { $unattributed } no atribuido a nadie
       *[other] { $unattributed } no atribuidos a nadie
    }; { $credited ->
        [one] { $credited } atribuido
       *[other] { $credited } atribuidos
    } a personas del ciclo; { $people ->
        [one] { $people } ficha
       *[other] { $people } fichas
    }
REPLAY_FIGURES_OTHER = las cifras del ciclo no corresponden a sus partes atribuidas y sus fichas
REPLAY_LINE_OTHER = los pasos que llevan al importe son otros
REPLAY_NOT_DERIVED = está almacenado, y nada lleva a ello
REPLAY_NOT_STORED = resulta de los datos de entrada, y no está almacenado
REPLAY_REASON_OTHER = las mismas personas y partes, con otro motivo
REPLAY_STATEMENT = { $amount } por una puntuación de { $score }
    .alone = nada de la bolsa
    .adjusted = { $line }, y { $adjusted } de correcciones
REPLAY_SUMS =
    { $pool } en total: { $paid } para personas, { $funds } para fondos; { $adjusted } de correcciones; { $people ->
        [one] { $people } extracto
       *[other] { $people } extractos
    }
REPLAY_SUMS_OTHER = las sumas de la liquidación no son las de sus extractos
REPLAY_SUM_OTHER = la suma de las partes, medida por medida, es distinta
REPLAY_UNREADABLE = lo almacenado no se puede leer: no es lo que se escribió
NAV_AUDIT_CHAIN = Verificación de los registros
NAV_AUDIT_REPLAY = Recálculo
UI_CHAIN_SAID = Cada servicio lleva un registro de auditoría de lo que se hizo y se vio en su grupo. Cada entrada está enlazada con la anterior, la más reciente está firmada, y cada fila indica la entrada que la escribió. La verificación lo lee todo de nuevo: lo que se cambió, insertó o borró entretanto se encuentra y se indica.
UI_CHAIN_SERVICE = Qué registro de auditoría
UI_CHAIN_ALL = Todos
UI_CHAIN_CHECK = Verificar
UI_CHAIN_CHECKING = Leyendo el registro de auditoría
UI_CHAIN_RESULT = Resultado de la verificación
UI_CHAIN_CHECKED =
    { $count ->
        [one] { $count } entrada verificada
       *[other] { $count } entradas verificadas
    }
UI_CHAIN_WHOLE = Íntegro
UI_CHAIN_BROKEN = Roto
UI_CHAIN_UNKNOWN = Se desconoce
UI_CHAIN_HOLDS =
    { $entries ->
        [one] { $entries } entrada
       *[other] { $entries } entradas
    } y { $rows ->
        [one] { $rows } fila
       *[other] { $rows } filas
    } están como se escribieron.
UI_CHAIN_FAILS =
    Se leyeron { $entries ->
        [one] { $entries } entrada
       *[other] { $entries } entradas
    } y { $rows ->
        [one] { $rows } fila
       *[other] { $rows } filas
    }. Esto no está como se escribió, con el primer lugar de cada cadena y tabla:
UI_CHAIN_EMPTY = Todavía no se escribió nada en este registro de auditoría.
UI_CHAIN_FROM = Primera entrada
UI_CHAIN_TO = Última entrada
UI_CHAIN_OUTSIDE = Quien opera Tally también puede cotejar los registros de auditoría con cabezas firmadas que se guardan en otro lugar, con tally audit verify: así se descubre si se repuso entera una base de datos anterior.
UI_REPLAY_SAID = Un mes cerrado resulta de aquello de lo que se hizo: los hechos y registros de entonces, y las versiones de la política y del esquema. Un recálculo lo obtiene de nuevo y lo coteja con lo almacenado. No cambia nada.
UI_REPLAY_WHAT = Qué ciclo o liquidación
UI_REPLAY_CYCLES = Ciclos
UI_REPLAY_SETTLEMENTS = Liquidaciones
UI_REPLAY_RUN = Recalcular
UI_REPLAY_NONE = Todavía no hay ningún ciclo cerrado que usted pueda leer. Cuando se cierre uno, se podrá recalcular aquí.
UI_REPLAY_RUNNING = Recalculando
UI_REPLAY_RESULT = Resultado del recálculo
UI_REPLAY_SAME = Idéntico
UI_REPLAY_DIFFERENT = Distinto
UI_REPLAY_CYCLE_SAME =
    Se recalcularon { $credits ->
        [one] { $credits } parte atribuida
       *[other] { $credits } partes atribuidas
    } y { $cards ->
        [one] { $cards } ficha
       *[other] { $cards } fichas
    }. Lo almacenado es idéntico, hasta la millonésima.
UI_REPLAY_CYCLE_DIFFERENT =
    Se recalcularon { $credits ->
        [one] { $credits } parte atribuida
       *[other] { $credits } partes atribuidas
    } y { $cards ->
        [one] { $cards } ficha
       *[other] { $cards } fichas
    }. En { $differing ->
        [one] un lugar
       *[other] { $differing } lugares
    } lo almacenado es distinto.
UI_REPLAY_PAY_SAME =
    { $statements ->
        [one] Se recalculó { $statements } extracto
       *[other] Se recalcularon { $statements } extractos
    }. Lo almacenado es idéntico, hasta el céntimo.
UI_REPLAY_PAY_DIFFERENT =
    { $statements ->
        [one] Se recalculó { $statements } extracto
       *[other] Se recalcularon { $statements } extractos
    }. En { $differing ->
        [one] un lugar
       *[other] { $differing } lugares
    } lo almacenado es distinto.
UI_REPLAY_DIGESTS = Huellas
UI_REPLAY_DIGEST = Datos de entrada y resultados
UI_REPLAY_DIGEST_CREDITS = Partes atribuidas
UI_REPLAY_DIGEST_INPUTS = Datos de entrada
UI_REPLAY_THEN = Entonces
UI_REPLAY_NOW = Ahora
UI_REPLAY_FIRST =
    { $count ->
        [one] Este es el primero ({ $count }).
       *[other] Estos son los primeros { $count }.
    }
UI_REPLAY_RENAMED = La huella es otra aunque el resultado es el mismo: algo tiene ahora otro nombre, por ejemplo alguien cuyos datos se suprimieron, o la base de datos de zonas horarias es de otra versión.
UI_REPLAY_WHERE = Dónde
UI_REPLAY_STORED = Almacenado
UI_REPLAY_DERIVED = Recalculado
UI_REPLAY_WHY = Qué es distinto
UI_REPLAY_OF_CREDIT = Atribución de { $record } en { $account }
UI_REPLAY_OF_ACCOUNT = Cuenta { $account }
UI_REPLAY_OF_SUM = Sumas de { $person }
UI_REPLAY_OF_CARD = Ficha de { $person }
UI_REPLAY_OF_CYCLE = El ciclo
UI_REPLAY_OF_STATEMENT = Extracto de { $person }
UI_REPLAY_OF_SETTLEMENT = La liquidación
UI_REPLAY_MASKED = Lo almacenado y lo recalculado se muestran a quien puede leer las fichas y la remuneración.
UI_REPLAY_BROKE = No se pudo llevar a término.
WORD_DID_COMPENSATION_SETTLEMENT_REPLAY = Recalculó una liquidación
WORD_DID_PERFORMANCE_CYCLE_REPLAY = Recalculó un ciclo
WORD_DID_SUITE_AUDIT_VERIFY = Verificó el registro de auditoría
NAV_SCHEDULES = Cierres programados
NAV_HOLDS = Retenciones legales
NAV_RETENTION = Plazos de conservación
NAV_ERASURES = Supresión
UI_HOLD_ON = Qué se retiene
UI_HOLD_BY = Establecida por
UI_HOLD_STANDS = Vigente
UI_HOLD_LIFTED = Levantada { $at }: { $reason }
UI_NO_HOLDS = No hay retenciones legales.
UI_NEW_HOLD = Establecer una retención legal
UI_HOLDS_SAID = Lo que está bajo retención legal no se suprime ni se elimina al vencer su plazo, en ningún servicio.
UI_HOLD_ALL_HINT = Déjelo vacío para retener todo el grupo.
UI_LIFT_HOLD = Levantar la retención legal
UI_LIFT_SAID = { $of } está bajo retención legal ({ $reason }). Una vez levantada, lo que superó su plazo se puede eliminar definitivamente.
UI_NAME_NOBODY = Por ejemplo, el número de un expediente. No nombre a nadie: esto se conserva más tiempo que los datos de la persona.
UI_MONTHS_KEPT = Meses de conservación
UI_MONTHS_BOUNDS = Límites
UI_MONTHS_WITHIN = de { $least } a { $most }; { $usual } si no se indica otra cosa
UI_COUNTED_FROM = Contados desde
UI_WHY_KEPT = Por qué se conserva
UI_RETENTION_SAID = Cuánto tiempo se conserva cada tipo de datos, en cada servicio. Lo que superó su plazo lo elimina la limpieza que ejecutan los operadores.
UI_RETENTION_SHORTER = Si indica menos meses, la próxima limpieza elimina definitivamente lo que para entonces haya superado su plazo.
UI_NUMBER_WANTED = Escriba un número entero.
UI_ERASURE_WAITS = Espera aprobación
UI_ERASURE_UNDER_WAY = En curso
UI_ERASURE_COMPLETED = Suprimidos en todos los servicios
UI_ERASURE_DROPPED = Descartada
UI_WHY_DROPPED = Por qué se descartó
UI_NO_ERASURES = No se ha solicitado ninguna supresión.
UI_NEW_ERASURE = Solicitar una supresión
UI_ERASURES_SAID = Los datos de quien ya se fue se suprimen cuando una persona lo solicita y otra lo aprueba. Los resultados de los que depende el pago de otros quedan, sin el nombre.
UI_APPROVE_ERASURE = Aprobar y suprimir
UI_APPROVE_ERASURE_SAID = Los datos de { $name } se suprimirán en todos los servicios. No se puede deshacer.
UI_REJECT_ERASURE = Rechazar
UI_WITHDRAW_ERASURE = Retirar
UI_WHAT_SERVICES_DID = Qué hizo cada servicio
UI_ROWS_ERASED = filas vaciadas
UI_NEXT_CLOSING = Próximo cierre
UI_LAST_RUN_FAILED = La última ejecución falló
UI_RUNS_BY_ITSELF = Se ejecuta por sí solo
UI_NO_SCHEDULES = Todavía no hay ningún cierre programado.
UI_SCHEDULES_SAID = Meses que se cierran por sí solos. Nada se publica por sí solo. Un cierre programado se crea mediante los rpc (CreateSchedule).
UI_CLOSES = Cierra
UI_CLOSES_ON = el día { $day } del mes siguiente, { $time } ({ $zone })
UI_LOOKS_FIRST = Revisión previa
UI_WAITS_MINUTES =
    y cierra { $minutes ->
        [one] { $minutes } minuto
       *[other] { $minutes } minutos
    } después, salvo que alguien lo detenga
UI_WAS_DUE = Previsto para
UI_GOES_ON = Continúa
UI_STOP_RUN = Detener esta ejecución
UI_BEGIN_MONTH = Empezar un mes a mano
UI_BEGIN_SAID = Para un mes que terminó y no se empezó, o cuya ejecución falló o se detuvo.
UI_MONTH = Mes
UI_MONTH_HINT = Por ejemplo, 2026-03.
UI_SCHEDULE_RUNS = Ejecuciones
UI_NO_RUN_YET = Todavía no se ejecutó nada.
WORD_SCHEDULE_RUN_STATE_LOOKING = Revisa qué falta
WORD_SCHEDULE_RUN_STATE_WAITING = Espera y luego cierra
WORD_SCHEDULE_RUN_STATE_CLOSING = Cerrando
WORD_SCHEDULE_RUN_STATE_DONE = Cerrado
WORD_SCHEDULE_RUN_STATE_FAILED = Falló
WORD_SCHEDULE_RUN_STATE_STOPPED = Detenida
DONE_HOLD_SET = La retención legal está establecida.
DONE_HOLD_LIFTED = La retención legal está levantada.
DONE_RETENTION_SET = Los meses se guardaron.
DONE_ERASURE_ASKED = Solicitada. Otra persona la aprueba.
DONE_ERASURE_APPROVED = Aprobada; los servicios suprimen los datos ahora.
DONE_ERASURE_REJECTED = Rechazada.
DONE_ERASURE_WITHDRAWN = Retirada.
DONE_SCHEDULE_RUN_STOPPED = La ejecución se detuvo.
DONE_SCHEDULE_RUN_BEGUN = El mes se empezó.
