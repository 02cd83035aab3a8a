### As frases do Tally em português do Brasil. Chaves em MAIÚSCULAS são motivos de erros, de ocorrências ou de linhas rejeitadas. Cada frase diz o que fazer.


## Parts

LIST_SEPARATOR = { "; " }
REFUSED_BECAUSE = { $kind } ({ $told })
KIND_INVALID_ARGUMENT = a solicitação está incorreta: altere-a
KIND_NOT_FOUND = não há nada aqui que você possa ver
KIND_ALREADY_EXISTS = isso já existe
KIND_ABORTED = outra pessoa alterou isso: leia de novo
KIND_FAILED_PRECONDITION = o estado atual não permite isso
KIND_PERMISSION_DENIED = você não tem permissão para isso
KIND_UNAUTHENTICATED = faça login primeiro
KIND_RESOURCE_EXHAUSTED = demais de uma só vez: tente de novo em instantes
KIND_UNAVAILABLE = o serviço está fora do ar: tente de novo em instantes
KIND_DEADLINE_EXCEEDED = demorou demais
KIND_CANCELLED = a chamada foi cancelada
KIND_UNIMPLEMENTED = não existe essa função nesse endereço

## Kinds of things

RESOURCE_ACCOUNT = conta
RESOURCE_ALIAS = apelido
RESOURCE_API_KEY = chave de API
RESOURCE_CARD_OF_PERSON = boletim da pessoa
RESOURCE_COMPONENT = indicador
RESOURCE_CORRECTION = correção
RESOURCE_CYCLE = ciclo
RESOURCE_DEVICE = dispositivo
RESOURCE_DELEGATION = delegação
RESOURCE_EMERGENCY = acesso de emergência
RESOURCE_EMPLOYMENT = vínculo
RESOURCE_ERASURE = eliminação
RESOURCE_FINDING = ocorrência
RESOURCE_GRANT = concessão
RESOURCE_HANDOVER = passagem
RESOURCE_HOLD = bloqueio legal
RESOURCE_LEAVE = afastamento
RESOURCE_LOGIN = login
RESOURCE_ATTRIBUTION_RUN = execução de atribuição
RESOURCE_ORG_UNIT = unidade organizacional
RESOURCE_PAGE = página
RESOURCE_PERSON = pessoa
RESOURCE_POOL = verba de bônus
RESOURCE_POSITION = cargo
RESOURCE_PRINCIPAL = identidade
RESOURCE_PROFILE_OF_PERSON = perfil da pessoa
RESOURCE_PROVIDER = provedor de login
RESOURCE_PUNCH = marcação
RESOURCE_RECORD = atendimento
RESOURCE_MEASURE = métrica
RESOURCE_CLAIM = reivindicação
RESOURCE_OBSERVATION = observação
RESOURCE_REPORTING_LINE = linha de reporte
RESOURCE_SCHEDULE = agendamento
RESOURCE_ROLE = papel
RESOURCE_RUN_OF_A_SCHEDULE = execução de um agendamento
RESOURCE_SCHEME = modelo de avaliação
RESOURCE_SCHEME_VERSION = versão do modelo de avaliação
RESOURCE_SERVICE_ACCOUNT = conta de serviço
RESOURCE_SESSION = sessão
RESOURCE_SETTLEMENT = apuração
RESOURCE_SHIFT = turno
RESOURCE_STATEMENT_OF_PERSON = demonstrativo da pessoa
RESOURCE_TRANSFER = transferência
RESOURCE_UPLOAD = envio

## Every service

INTERNAL = algo deu errado do nosso lado; os detalhes estão no log do operador
INTERNAL_DETAILS = detalhes para quem for investigar: { $details }
NOT_FOUND = não existe ou você não pode ver: { $resource } { $id }
    .unit_on = nenhuma unidade organizacional { $id } que você possa ver em { $day }, o dia que conta: ela foi encerrada antes, começa depois ou nunca existiu (ListOrgUnits com as_of mostra quais existem)
    .goes_on = a unidade organizacional { $id } foi encerrada antes de { $day }, o dia que conta, e as pessoas dela foram para { $into }: informe essa unidade
    .id_number = nenhuma pessoa com esse número de documento que você possa ver
    .removed = { $missing }; se era anterior a { $day }, a retenção pode ter removido
INVALID_REQUEST =
    { $count ->
        [one] { $count } campo está errado; os detalhes dizem qual
       *[other] { $count } campos estão errados; os detalhes dizem quais
    }
INVALID_FIELD = { $field }: { $problem }
LIST_EMPTY = pelo menos um
NAME_ONE_OF = informe exatamente um destes: { $fields }
CHANGE_MISSING = diga o que deve mudar
DATE_EXPECTED = espera-se uma data: YYYY-MM-DD
    .month = espera-se um mês: YYYY-MM
TEXT_EMPTY = não pode ficar vazio
TEXT_TOO_LONG = no máximo { $max } caracteres
ID_MALFORMED = espera-se um UUID
DATE_MALFORMED = { $field }: escreva YYYY-MM-DD
    .text = “{ $text }” não é uma data: escreva YYYY-MM-DD
DATES_BACKWARDS = { $last } vem antes de { $first }
INSTANT_INVALID = espera-se um instante entre os anos 1 e 9999
TEXT_UNUSABLE = { $field }: de 1 a { $max } caracteres
ROWS_TOO_MANY = no máximo { $max } linhas por chamada, e aqui são { $count }: envie várias chamadas
ROWS_MISSING = não há nenhuma linha: envie pelo menos uma
NOTHING_CHANGES = já está assim
    .fix = isso já foi corrigido, e a ocorrência é de antes: feche o ciclo de novo (CloseCycle; CorrectCycle se ele já foi publicado) ou inicie outra execução de atribuição e veja o que ela encontra
PAGE_TOKEN_INVALID = o token de página não pertence a esta lista: recomece sem token

## Numbers, money, time

DECIMAL_MALFORMED = “{ $text }” não é um decimal com no máximo seis casas
SHARE_OUT_OF_RANGE = uma participação vai de 0 a 1000000 milionésimos, não { $ppm }
CURRENCY_UNKNOWN = “{ $text }” não é um código ISO 4217 em vigor: escreva três letras maiúsculas, como CNY
AMOUNT_MALFORMED = “{ $text }” não é um valor: escreva algarismos com no máximo um ponto, como 1234.50, sem separadores nem símbolo de moeda
AMOUNT_TOO_FINE = “{ $text }” tem mais casas do que { $currency } permite: no máximo { $digits } depois do ponto
AMOUNT_TOO_LARGE = o valor é grande demais
CURRENCY_MISMATCH = não é possível somar { $one } e { $other }: converta um deles primeiro
    .pool = a verba está em { $pool } e os outros valores estão em { $other }: uma apuração tem uma só moeda
RATE_MALFORMED = “{ $text }” não é uma cotação: escreva algarismos com no máximo um ponto, como 7.1234, com até 12 depois dele e 18 no total
RATE_NOT_POSITIVE = uma cotação é maior que 0: escreva quanto vale uma unidade da primeira moeda na segunda
RATE_MISSING = não há cotação de { $from } para { $to } conhecida em { $day }: registre com SetRates uma que valha desse dia ou de antes e repita a operação
SPLIT_WITHOUT_PEOPLE = não há ninguém entre quem dividir
SPLIT_WITHOUT_WEIGHT = todos os pesos são zero, portanto não há regra para dividir
SPLIT_DUPLICATE_ID = há um id repetido
SPLIT_WEIGHTS_TOO_LARGE = os pesos são grandes demais para um cálculo exato: divida todos por um fator comum
ZONE_UNKNOWN = “{ $zone }” não é um fuso horário IANA: escreva um nome como Asia/Shanghai
TIME_MALFORMED = “{ $text }” não é um horário: escreva 2026-03-02T08:00:00+08:00, ou 2026-03-02 08:00:00 para a hora local
TIME_IN_GAP = { $local } não existe em { $zone }: os relógios foram adiantados e pularam essa hora
TIME_OUT_OF_RANGE = a data está fora do intervalo permitido
PERIOD_BACKWARDS = o período termina em { $to }, antes de começar em { $from }

## Sign-in

TOKEN_MISSING = faça login primeiro: nenhum token bearer foi enviado
UNAUTHENTICATED = faça login primeiro
TOKEN_INVALID = o token não é válido aqui: faça login de novo
TOKEN_EXPIRED = o token expirou: faça login de novo
KEY_NOT_KNOWN_YET = a chave deste token ainda não é conhecida aqui: tente de novo em instantes
CLOCKS_DIFFER = os relógios da suíte estão diferentes: tente de novo em instantes
TOKEN_OF_ANOTHER_REGION = a instalação de outra região gerou este token: faça login aqui
SESSION_ENDED = esta sessão terminou: faça login de novo
SIGN_IN_REFUSED = o nome, a senha ou o código está errado; depois de cinco erros, aguarde até 15 minutos
SECOND_FACTOR_NEEDED = envie o código do seu aplicativo autenticador ou um código de recuperação
SECOND_FACTOR_WRONG = o código está errado ou já foi usado: aguarde o próximo e veja se o relógio está certo
PASSWORD_MUST_CHANGE = esta senha valia para um único login: envie junto uma nova, em new_password
PASSWORD_WEAK = fácil demais de adivinhar: use quatro palavras sem relação entre si
    .why = fácil demais de adivinhar ({ $why }): use quatro palavras sem relação entre si
WEAK_BY_KEYBOARD = teclas vizinhas são as primeiras a serem tentadas
WEAK_BY_REPEATS = repetir algo quase não dificulta
WEAK_BY_FAME = é uma das senhas mais usadas, ou parecida com uma delas
WEAK_BY_SEQUENCE = sequências como abc ou 6543 são as primeiras a serem tentadas
WEAK_BY_DATE = anos e datas são os primeiros a serem tentados
WEAK_BY_WORD = uma só palavra ou um só nome é o primeiro a ser tentado
PASSWORD_UNUSABLE = de 12 a 256 caracteres
LOGIN_MALFORMED = de 2 a 100 letras, algarismos e . _ - @ +
LOGIN_TAKEN = alguém já tem esse nome de login
PERSON_HAS_LOGIN = esta pessoa já tem um login: cada pessoa tem um
REFRESH_REFUSED = essa sessão não existe ou terminou: faça login de novo
REFRESH_REUSED = este token de renovação já foi usado, por isso a sessão foi encerrada por segurança: faça login de novo
NO_PASSWORD = esta identidade entra sem senha
RESET_ONESELF = a própria senha se troca com a antiga: ChangePassword
LOGIN_HOLDS_MORE = o login tem { $permission }, que você não poderia lhe dar: peça a quem possa
SECOND_FACTOR_ALREADY_EXISTS = já existe um segundo fator: remova-o primeiro
SECOND_FACTOR_MISSING = não há segundo fator: comece com EnrollTotp
API_KEY_REFUSED = essa chave não existe ou terminou: crie uma nova
TOO_MANY_KEYS = uma conta tem no máximo { $max } chaves em vigor: revogue uma primeiro
KEY_LIFE_UNUSABLE = expires_at: um instante futuro, a no máximo { $days } dias
PROVIDER_UNKNOWN = nenhum provedor de login único tem esse nome
PROVIDER_MALFORMED = de 2 a 50 caracteres entre a-z, 0-9 e -
PROVIDER_NAME_TAKEN = outro grupo tem um provedor com esse nome: escolha outro
ADDRESS_MALFORMED = um endereço que comece com https:// (ou http:// no loopback), sem # e sem usuário
SSO_PROVIDER_AWAY = não foi possível consultar o provedor de identidade, ou a resposta não faz sentido: tente de novo em instantes
SSO_STATE_REFUSED = este login expirou ou foi iniciado em outro lugar: comece de novo
SSO_REFUSED = a confirmação do provedor de identidade não foi aceita: comece de novo
SSO_LOGIN_UNKNOWN = o provedor de identidade conhece você, mas nenhum login daqui é seu: peça um à administração
EMPLOYMENT_ENDED = você não tem vínculo hoje: fale com o RH
MODULE_NOT_ENTITLED = o grupo não tem o módulo { $module }: fale com quem opera a suíte
TENANT_SUSPENDED = o grupo está suspenso: quem opera a suíte pode reativá-lo
REGION_NOT_SERVED = os dados da região { $region } ficam na instalação dessa região: envie esta chamada para lá (esta atende { $served })
    .file = o arquivo é da região { $region }: importe-o lá
FIELD_NOT_READABLE = { $field }: para procurar alguém por esse campo é preciso { $permission }, e nenhuma das suas concessões dá isso a você
PERMISSION_DENIED = você não tem permissão para isso: peça uma concessão
    .at_all = nenhuma das suas concessões dá a você { $permission }
    .here = suas concessões dão a você { $permission }, mas não aqui
    .group = suas concessões dão a você { $permission } em unidades, e o que não indica unidade vale para o grupo inteiro: indique uma unidade sua onde a chamada aceitar, ou peça uma concessão no grupo
    .signed_in = isso é só para quem entrou
    .other_group = um serviço só pede visões do grupo em que trabalha
FOUR_EYES_REQUIRED = isso precisa de outra pessoa: quem participou de um passo anterior, também por ter delegado o direito ou tê-lo recebido por delegação, não pode fazer este

## The group, its units and its people

INITIALISED_ALREADY = este armazenamento já contém um grupo: entre, comece com um armazenamento vazio ou traga um convite
    .invited = este convite já foi usado, e o grupo dele já existe: entre nesse grupo ou peça outro convite ao operador
INVITATION_INVALID = o convite não é desta instalação ou não está completo: peça outro ao operador
INVITATION_EXPIRED = o convite expirou: peça outro ao operador
INVITED_ANOTHER = o convite é para um grupo com outro id
REGION_ALREADY_EXISTS = o grupo já tem a região { $region }
REGION_MALFORMED = uma região tem de 1 a 32 caracteres entre a-z, 0-9 e -, como cn-north
REGION_UNUSABLE = de 1 a 32 caracteres entre a-z, 0-9 e -, cada uma só uma vez
REGION_IS_GLOBAL = uma região, não o grupo inteiro
REGION_MISSING = o grupo tem várias regiões: informe a da filial
    .from = esta instalação atende várias regiões do grupo: informe em from_region de qual delas o arquivo sai
    .switch = esta instalação atende várias regiões do grupo: informe com --from REGION de qual delas o arquivo sai
REGION_UNKNOWN = o grupo não tem a região “{ $region }”
REGION_DIFFERS = a filial está em { $region }, e os dados não mudam de região
REGION_CROSSED = as unidades estão em regiões diferentes, e os dados não mudam de região
    .person = a unidade está em outra região, e os dados não mudam de região: encerre o vínculo aqui e contrate a pessoa lá com uma matrícula daquela região
    .manager = o gestor é de outra região, cujas pessoas não podem ler os dados desta
SUSPENDED_ALREADY = o grupo já está suspenso
SUSPENDED_TOO_SHORT = um grupo é excluído 30 dias depois de suspenso, não antes de { $from }
NOT_SUSPENDED = o grupo está em uso
NAME_DIFFERS = escreva o nome do grupo letra por letra, para ter certeza de que é o certo
TENANT_DELETED = o grupo foi excluído
MODULE_UNKNOWN = “{ $name }” não é um módulo: há { $known }
PSEUDONYM_ALREADY_EXISTS = a pessoa tem outro pseudônimo: ele permanece
PSEUDONYM_TAKEN = outra pessoa aqui tem esse pseudônimo: veja de quem é
DIRECTORY_OLDER = um diretório mais novo desta região já foi importado
UNIT_PATH_MALFORMED = de 1 a 16 nomes unidos por /, cada um com 1 a 200 caracteres
UNIT_NAME_MALFORMED = de 1 a 200 caracteres, sem /
UNIT_UNKNOWN = nenhuma unidade “{ $path }”: importe-a primeiro
    .was = nenhuma unidade se chama “{ $path }” em { $day }, pois foi renomeada, movida ou encerrada: escreva o caminho que ela tem nesse dia
UNIT_DIFFERS =
    a unidade já existe como { $kind ->
        [legal_entity] empresa
        [branch] filial
        [department] departamento
        [team] equipe
       *[group] grupo
    }
UNIT_KIND_IS_ROOTS = só a raiz é o grupo
UNIT_KIND_UNKNOWN = não existe esse tipo de unidade: filial, empresa, departamento ou equipe, ou nenhum, para o usual
UNIT_BEGINS_LATER = a unidade ou uma acima dela começa em { $day }: informe uma data a partir daí
    .hired_on = “{ $path }” começa em { $day }, depois de hired_on
UNIT_CLOSES = a unidade { $unit } se encerra em { $day }: escolha outra, ou outros dias
    .into = a unidade { $unit } se encerra em { $day }, e as pessoas dela vão para { $into }: escolha essa, ou outros dias
UNIT_HAD_NAME = uma unidade se chamou “{ $name }” ali até { $day } e agora tem outro nome ou lugar: escreva o caminho que ela tem (ListOrgUnits) ou, para uma unidade nova com o nome antigo, o tipo dela (kind)
ROOT_STAYS = a raiz é o grupo: ela fica como está
ORG_CYCLE = a nova unidade superior fica abaixo desta unidade, agora ou por uma mudança planejada
ORG_TOO_DEEP = a árvore teria mais de { $max } nomes de profundidade, agora ou por uma mudança planejada
UNIT_NAME_TAKEN = a unidade superior já tem uma unidade “{ $name }” nesses dias
UNIT_CHANGE_PLANNED = a unidade tem uma mudança em { $day }: informe esse dia ou um posterior
UNIT_CHANGE_BACKDATED = { $from } é anterior ao mês em curso: quem tinha a unidade deixaria de ver os dias dela a partir daí, inclusive meses fechados e pagos, e quem a recebesse passaria a vê-los. Informe { $first } ou um dia posterior, ou indique backdated se foi mesmo assim desde então
UNIT_HAS_CHILDREN = “{ $name }” estará abaixo da unidade: mova-a ou encerre-a primeiro, ou incorpore a unidade
UNIT_HAS_PEOPLE =
    { $count ->
        [one] { $count } vínculo estará na unidade: diga em move_people_to para onde ele vai
       *[other] { $count } vínculos estarão na unidade: diga em move_people_to para onde eles vão
    }
MERGED_INTO_ITSELF = informe uma ou mais unidades a incorporar, cada uma só uma vez, e outra que permanece
PEOPLE_TO_NOWHERE = a unidade para onde as pessoas vão deve ser uma filial ou abaixo dela e não pode se encerrar nesse dia
UNIT_HAS_NO_REGION = as pessoas pertencem a uma filial ou abaixo dela, não ao próprio grupo
PERSON_DIFFERS = esta matrícula já existe com outro conteúdo em { $field }
EARLIER_ROW_REFUSED = uma linha anterior deste número foi recusada, e esta depende dela: corrija aquela e envie as duas de novo
PERSON_OUT_OF_REACH = hoje ou em algum dia desde o primeiro, a unidade está fora do que você pode gravar: deixe a linha de fora, ou peça que a envie quem possa gravar em todos eles
EMPLOYMENT_OVERLAPS = o vínculo da pessoa que começa em { $day } abrange alguns desses dias: encerre-o primeiro
NOT_EMPLOYED = a pessoa não tem vínculo em { $day }
MANAGER_NOT_EMPLOYED = o gestor não tem vínculo em { $day }: escolha outro
ENDS_ALREADY = o vínculo já termina em { $day }
    .line = a linha de reporte já termina em { $day }
EMPLOYMENT_KIND_UNKNOWN = “{ $text }” não é um tipo de vínculo: use full_time, part_time, fixed_term, intern, agency, outsourced ou freelance
NOT_IN_CATALOGUE = { $field }: o catálogo do grupo não tem “{ $code }” em { $day }: importe-o primeiro ou escolha outro
EMPLOYMENT_CHANGE_PLANNED = o vínculo tem uma mudança em { $day }: informe esse dia ou um posterior, ou cancele a mudança
NOTHING_PLANNED = o vínculo não tem em { $day } nenhuma mudança que ainda possa ser cancelada
HOME_ENDS = este é o vínculo principal; EndEmployment o encerra com todos os demais
START_TOO_LATE = algo dele, ou ao lado dele, está em { $day }, antes desse primeiro dia: corrija isso primeiro
OUTLASTS_HOME = o vínculo principal termina em { $day }: vínculos adicionais e afastamentos terminam no máximo com ele
LEAVE_OVERLAPS = o afastamento da pessoa que começa em { $day } abrange alguns desses dias: encerre-o primeiro
POST_KIND_MISSING = concurrent ou secondment: um vínculo principal vem de contratação, transferência ou recontratação
EMPLOYEE_NO_TAKEN = outra pessoa já tem essa matrícula
ID_NUMBER_TAKEN = outra pessoa desta região já tem esse número
ID_NUMBER_INVALID = um número de documento tem de 1 a 64 caracteres, sem caracteres de controle
ID_NUMBER_CHECKSUM = o último dígito deste documento não combina com os outros: confira no documento
LINE_KIND_MISSING = solid ou dotted
REPORTING_CYCLE = em { $day } o gestor responde a esta pessoa, diretamente ou por meio de outros
LINE_CHANGE_PLANNED = outra linha de reporte direta (solid) começa em { $day }: encerre-a ou informe um último dia antes disso
LINE_THERE_ALREADY = a linha de reporte { $id } já diz isso em alguns desses dias
RATE_OF_ITSELF = uma moeda sempre vale ela mesma: informe outra
SUPERSEDED_AND_KNOWN_AT = pergunte ou pelo que se sabia em um instante, ou por tudo o que já foi informado
KIND_MISSING = diga se é um cargo ou um nível
RANK_UNUSABLE = um nível tem uma posição a partir de 1; um cargo não tem
ENTRY_CHANGE_PLANNED = o código tem um registro a partir de { $day }: termine antes desse dia ou comece nele

## Access

HOURS_MALFORMED = as horas são dois horários diferentes, como 08:00-20:00
SCOPE_MALFORMED = self, reports e tenant não indicam nada; unit, subtree e legal_entity indicam uma unidade; region indica uma região
REACH_MISSING = diga até onde vai
PERMISSION_UNKNOWN = “{ $text }” não é uma permissão desta versão
ROLE_UNKNOWN = nenhum papel se chama “{ $role }”
    .own = o grupo não tem um papel próprio chamado “{ $role }”
SCOPE_NOT_FOR_ROLE = { $role } não é concedido no escopo { $scope }
NOT_A_LEGAL_ENTITY = { $unit } não é uma empresa
NO_PERSON = este login não pertence a nenhuma pessoa: indique uma unidade ou região
    .punching = só pessoas marcam ponto e passam contas: entre com um login que pertença a uma pessoa
    .claiming = só pessoas reivindicam conversas: entre com um login que pertença a uma pessoa
DUTIES_SEPARATED = ninguém tem ao mesmo tempo { $a } e { $b }: dê isso a outra pessoa
    .role = nenhum papel dá ao mesmo tempo { $a } e { $b }: faça dois papéis
    .holder = { $principal } tem este papel e teria ao mesmo tempo { $a } e { $b }: retire primeiro uma das concessões
    .delegated = ninguém tem ao mesmo tempo { $a } e { $b }, nem por um dia: delegue isso a outra pessoa
GRANTED_ALREADY = a concessão { $id } já dá isso nesses dias
GRANT_NOT_HELD = nenhuma das suas próprias concessões dá a você { $permission } ali, portanto você não pode passá-la adiante
GRANT_TO_ONESELF = ninguém dá a si mesmo o que não tem: peça a outra pessoa da administração
    .role = você tem este papel, mas não { $permission }: peça a outra pessoa da administração
REVOKED_ALREADY = a concessão já foi retirada
PRINCIPAL_OR_LOGIN = informe a identidade ou o login, só um dos dois
LAST_ADMINISTRATOR = assim ninguém mais poderia conceder papéis: dê group_admin a outra pessoa primeiro
ROLE_NAME_MALFORMED = de 2 a 64 caracteres entre a-z, 0-9 e _
ROLE_NAME_RESERVED = um papel pronto ou um serviço tem esse nome: escolha outro
ROLE_EMPTY = informe pelo menos uma permissão e um escopo
ROLE_FOR_SERVICES = { $permission } é só para serviços da suíte
ROLE_IN_USE =
    { $count ->
        [one] { $count } concessão dá este papel: retire-a primeiro
       *[other] { $count } concessões dão este papel: retire-as primeiro
    }
DELEGATION_EMPTY = informe pelo menos uma permissão
DELEGATION_TIME = deve terminar depois de começar e no futuro
DELEGATION_TOO_LONG = no máximo 90 dias: para mais tempo, peça a alguém que conceda um papel
DELEGATION_TO_ONESELF = indique outra pessoa
DELEGATION_ENDED = a delegação já terminou
PERMISSION_NOT_DELEGABLE = { $permission } nunca é delegada
BREAK_GLASS_EMPTY = informe as permissões a abrir
PERMISSION_NOT_OPENED = nenhum acesso de emergência abre { $permission }: direitos sobre direitos e funções separadas ficam onde estão
BREAK_GLASS_SCOPE = indique uma unidade, uma região ou o grupo, não self nem reports
BREAK_GLASS_REASON = diga o que aconteceu, com pelo menos 20 caracteres
BREAK_GLASS_TIME = de 1 a 60 minutos
BREAK_GLASS_OPEN = seu acesso de emergência { $id } está aberto: encerre-o primeiro
    .unreviewed = o acesso de emergência ainda está aberto: encerre-o e depois revise-o
BREAK_GLASS_ENDED = o acesso de emergência já terminou
BREAK_GLASS_NO_STREAMS = um acesso de emergência não abre fluxos: peça as linhas uma página por vez
REVIEWED_ALREADY = já foi revisado
ALLOWED_BY_ROLE = o papel { $role } dá { $permission } aqui
ALLOWED_BY_DELEGATION = { $permission } está delegada ou aberta em uma emergência: veja por quem
REFUSED_HERE = o papel { $role } dá { $permission }, mas não aqui
REFUSED_BY_CONDITION = o papel { $role } dá { $permission } aqui só com um segundo fator ou em outros horários
REFUSED_TODAY = o papel { $role } dá { $permission } aqui, mas não hoje
REFUSED_WITHOUT_MODULE = o grupo não tem o módulo de { $permission }
REFUSED_WITHOUT_GRANT = nenhuma concessão dá { $permission }; estes papéis dão: { $roles }

## Privacy

SUBJECT_IN_PART = um objeto tem tipo e id
LEGAL_HOLD = há um bloqueio legal: é preciso suspendê-lo primeiro, veja ListHolds
HOLD_LIFTED = o bloqueio legal já foi suspenso
RETENTION_KIND_UNKNOWN = “{ $kind }” não é um tipo de dado: ListRetention mostra todos
RETENTION_OUT_OF_BOUNDS = este tipo é guardado de { $min } a { $max } meses
RETENTION_RUNS = o que a lei manda guardar sobre a pessoa fica guardado até { $day }: peça de novo depois desse dia
PERSON_ERASED = os dados desta pessoa foram eliminados: nada mais pode ser gravado sobre ela; quem volta é uma pessoa nova
STILL_EMPLOYED = só é possível eliminar os dados de quem saiu: encerre o vínculo primeiro
ERASURE_ALREADY_EXISTS = já existe a eliminação { $id } para esta pessoa
OWN_ERASURE = ninguém aprova a própria eliminação: outra pessoa precisa aprovar
ERASED_ALREADY = a eliminação já foi aprovada
ERASURE_DROPPED = o pedido foi retirado ou negado: peça a eliminação de novo
ERASURE_NOT_APPROVED = ninguém a aprovou ainda
NOT_A_SERVICE = só um serviço que guarda dados de pessoas informa sobre uma eliminação

## How long data are kept, counted from when and why

KEPT_FROM_ALIASES = o último dia do apelido ou do dispositivo
KEPT_BECAUSE_ALIASES = deve ser possível provar quais atendimentos foram creditados a uma pessoa enquanto o pagamento puder ser contestado
KEPT_FROM_DUTY = a hora da marcação ou da passagem, o fim do turno
KEPT_BECAUSE_DUTY = registros salariais e aquilo em que se baseiam: dois anos (Interim Provisions on Payment of Wages)
KEPT_FROM_PAY = o dia em que o demonstrativo foi gravado
KEPT_BECAUSE_PAY = documentos de retenção do imposto de renda: cinco anos; registros salariais: dois anos
KEPT_FROM_PERSON = o fim do último vínculo
KEPT_BECAUSE_PERSON = contratos de trabalho encerrados: dois anos (Labour Contract Law)
KEPT_FROM_SESSIONS = o dia em que a sessão já tinha terminado com certeza
KEPT_BECAUSE_SESSIONS = logs de quem usou a rede: seis meses (Cybersecurity Law)
KEPT_FROM_RECORDS = o início do atendimento
KEPT_BECAUSE_RECORDS = os atendimentos em que o pagamento se baseia, enquanto ele puder ser contestado
KEPT_FROM_RESULTS = o dia em que o resultado foi gravado; no caso de um crédito, o início do atendimento
KEPT_BECAUSE_RESULTS = pontuações em que o pagamento se baseia: o mesmo tempo dos documentos de retenção do imposto de renda
KEPT_FROM_REQUESTS = a solicitação
KEPT_BECAUSE_REQUESTS = uma solicitação reenviada recebe a primeira resposta; nada exige mais que isso
KEPT_FROM_EVIDENCE = o dia em que a evidência foi gravada
KEPT_BECAUSE_EVIDENCE = o que um perfil resume; nenhuma lei exige

## The suite

OVERLOADED = chamadas demais ao mesmo tempo: tente de novo em instantes
RATE_LIMITED = chamadas demais: tente de novo em instantes
DEADLINE_EXCEEDED = a chamada demorou mais do que quem chamou permitiu
STALE = alguém alterou isso desde que você leu: leia de novo e repita a sua alteração
STORE_BUSY = outra pessoa alterou isso no mesmo momento; tente de novo
STORE_UNAVAILABLE = o armazenamento está inacessível agora; tente de novo em breve
STORE_DAMAGED = o banco de dados de um serviço está danificado, e repetir não adianta: o operador para o serviço, verifica o tamanho do dano (SQLite: PRAGMA integrity_check; PostgreSQL: pg_amcheck) e restaura o banco de dados de um backup
    .server = os dados de { $service } no banco de dados { $database } em { $at } estão danificados: pare o serviço, verifique o tamanho do dano (pg_amcheck) e restaure o banco de dados do seu backup; nada foi alterado nele
STORE_READ_ONLY = o banco de dados de um serviço só pode ser lido neste momento, e nada foi alterado: o operador devolve a ele o direito de gravação (SQLite: o arquivo e a pasta; PostgreSQL: o servidor que aceita gravações, não o standby); depois repita a operação
    .server = o PostgreSQL de { $service } em { $at } não aceita gravações: é um standby, ou default_transaction_read_only está ativo. Informe em { $setting } o servidor que aceita gravações
PEER_UNAVAILABLE = um serviço de que esta chamada precisa está fora do ar: tente de novo em instantes
PEER_REFUSES_SERVICE = um serviço de que esta chamada precisa ainda não conhece este: tente de novo em instantes
PEER_ADDRESS_INVALID = { $address } não é endereço de um serviço: escreva http://host:port ou https://host:port
PEER_CERTIFICATE_UNKNOWN = o certificado do servidor é assinado por uma autoridade que não é confiável aqui: informe o arquivo dessa autoridade (--ca, ou client.authority nas configurações) ou verifique se este é o servidor certo
PEER_CERTIFICATE_FOR_ANOTHER = o certificado do servidor é de outro nome: chame-o por um nome que conste no certificado
PEER_CERTIFICATE_OUT_OF_DATE = o certificado do servidor não é válido agora: o operador precisa renová-lo, a menos que o relógio desta máquina esteja errado
PEER_WANTS_CERTIFICATE = o servidor exige um certificado de quem chama: informe o seu (--client-cert e --client-key, ou client.certificate e client.key nas configurações)
PEER_REFUSES_CERTIFICATE = o servidor não aceita o certificado apresentado: pergunte ao operador qual autoridade assina os certificados de quem chama
    .expired = o certificado apresentado ao servidor está vencido: obtenha um novo de quem o assinou e informe-o (--client-cert e --client-key, ou client.certificate e client.key nas configurações)
    .revoked = o certificado apresentado ao servidor foi revogado: obtenha um novo de quem o assinou e informe-o (--client-cert e --client-key, ou client.certificate e client.key nas configurações)
PEER_SPEAKS_PLAINTEXT = o endereço começa com https://, mas o servidor ali não usa TLS: escreva http:// ou pergunte ao operador qual é a porta certa
PEER_SPEAKS_TLS = o endereço começa com http://, mas o servidor ali usa TLS: escreva https://
PEER_TLS_FAILED = não foi possível fazer a conexão criptografada: { $why }
CERTIFICATE_KEY_MISMATCH = o certificado e a chave privada não combinam: informe a chave para a qual este certificado foi emitido (--client-key ou client.key de quem chama, server.tls_key de um servidor)
PEER_CERTIFICATES_UNUSABLE = os certificados para este servidor não podem ser usados: { $why }. Informe o arquivo da autoridade que assinou o certificado do servidor (--ca, ou client.authority)
PEER_FAILED = um serviço de que esta chamada precisa a recusou
DEADLINE_MALFORMED = grpc-timeout tem no máximo 8 algarismos e uma das unidades H M S m u n
REQUEST_CUT_OFF = a solicitação terminou antes da hora
REQUEST_UNREADABLE = não é possível ler a solicitação como mensagem desta rpc: verifique se quem chama e o servidor têm o mesmo contrato (proto/) e se os textos estão em UTF-8
    .envelope = a solicitação não é uma sequência de mensagens como o Connect as põe em envelopes: um byte de flags (0, ou 1 se a mensagem estiver comprimida), quatro bytes de comprimento, a mensagem
    .compressed = não é possível descomprimir a solicitação: ela não está comprimida como diz ({ $said })
ONE_MESSAGE_WANTED = esta chamada recebe exatamente uma mensagem, e a solicitação contém { $sent }
REQUEST_TOO_LARGE = a solicitação tem mais de { $max } bytes: envie menos linhas de cada vez
ANSWER_TOO_LARGE = a resposta tem mais de { $max } bytes: peça menos linhas de cada vez (page_size) ou restrinja a seleção
REQUEST_COMPRESSED = a solicitação está comprimida: envie-a sem compressão (grpc-encoding identity)
    .unknown = nada aqui lê a compressão { $said }: envie a solicitação com gzip ou sem compressão
TEXT_WITH_NUL = retire o caractere NUL (U+0000): nenhum texto pode contê-lo
METHOD_UNKNOWN = não existe esse método aqui: verifique o nome e se quem chama e o servidor têm a mesma versão
SERVICE_ELSEWHERE = o processo neste endereço não executa o serviço { $service }: use o que executa; serviços e comandos do tally o encontram por peers.{ $service } nas configurações
PROBLEM_TITLE =
    { $status ->
        [400] Solicitação incorreta
        [401] Login necessário
        [403] Não permitido
        [404] Não encontrado
        [405] Método não permitido
        [409] Conflito
        [412] Alterado nesse meio-tempo
        [413] Grande demais
        [415] Tipo de mídia não aceito
        [429] Solicitações demais
        [431] Cabeçalhos grandes demais
        [499] Cancelado
        [501] Não oferecido aqui
        [503] Indisponível
        [504] Tempo esgotado
       *[other] Erro interno
    }
PATH_UNKNOWN = o caminho { $path } não existe aqui: os caminhos estão em /openapi.json
HTTP_METHOD_WRONG = { $method } não é oferecido neste caminho, e sim { $allowed }
MEDIA_TYPE_WRONG = o corpo deve ser JSON (Content-Type: application/json), e foi enviado { $said }
    .rpc = esta chamada recebe { $taken } (Content-Type), e foi enviado { $said }
BODY_TOO_LARGE = o corpo tem mais de { $limit } bytes: envie menos linhas de cada vez
BODY_BROKE_OFF = o corpo da solicitação terminou antes da hora
BODY_TOO_SLOW = o corpo da solicitação demorou demais: envie-o mais rápido ou em partes menores
BODY_NOT_READ = esta chamada não lê corpo: o que ela recebe fica no caminho e depois do ?
BODY_NO_OBJECT = o corpo deve ser um objeto JSON
HEADERS_TOO_LARGE = os cabeçalhos da solicitação têm mais de { $limit } bytes, ou são mais de { $most }: envie menos cabeçalhos ou cabeçalhos mais curtos
BODY_NO_JSON = o corpo não é JSON a partir da linha { $line }, coluna { $column }
    .early = o corpo termina no meio do JSON
    .deep = o corpo tem mais de 127 níveis de listas e objetos
    .twice = um objeto do corpo tem o nome { $name } duas vezes
FIELD_UNREADABLE = não é possível ler: escreva { $expected }
    .unknown = não existe esse campo
    .twice = foi informado duas vezes, como { $one } e como { $other }: retire um deles
    .choice = informe um de { $fields }, não vários
    .encoding = a codificação com % não é texto em UTF-8
    .precision = um instante tem no máximo nove casas decimais nos segundos
    .second = os segundos vão de 00 a 59
    .digits = tem algarismos demais para um número com fração ou expoente: escreva-o como texto
VALUE_EXPECTED = um valor do tipo certo
    .yes_or_no = true ou false
    .whole = um número inteiro de { $least } a { $most }
    .number = um número
    .text = um texto, entre aspas
    .bytes = um texto em base64
    .instant = um instante dos anos 1 a 9999, como 2026-03-02T09:00:00Z
    .duration = segundos, como 600s
    .name = um de { $names }
    .object = um objeto
    .list = uma lista
FIELD_SAID_TWICE = foi informado duas vezes, com valores diferentes: deixe-o fora do corpo ou da consulta
CONNECT_QUERY_WRONG = deve ser v1
    .missing = falta
    .base64 = não é base64 como se usa em endereços
QUERY_UNKNOWN = não é um parâmetro desta chamada: os parâmetros estão em /openapi.json; o que é pessoal vai no corpo
HEADER_NOT_READ = esta chamada não consegue ler o cabeçalho { $header }: retire-o
    .several = o cabeçalho { $header } pode conter uma entity tag, entre aspas, ou *
ANSWER_HAS_NO_FIELD = a resposta não tem o campo { $field }
DOCS_PAGE = As chamadas do Tally
    .lead = Todas as chamadas da suíte por HTTP com JSON, geradas da mesma tabela que o roteador. O que cada uma faz está aqui como os contratos dizem, em inglês.
    .how = Como se escreve cada coisa
    .machine = o mesmo para programas, OpenAPI 3.1
    .count =
        { $count ->
            [one] { $count } chamada
           *[other] { $count } chamadas
        }
    .permission = Exige a permissão
    .session = Exige uma sessão, e nenhuma permissão.
    .nobody = Não é preciso fazer login.
    .parameters = Parâmetros
    .body = Corpo
    .lines = Corpo: um objeto assim por linha
    .answer = Resposta
    .stream = Resposta: um objeto assim por linha, ou um evento para cada
    .refusals = Recusas
    .example = Exemplo
    .required = obrigatório
    .filled = preenchido pelo servidor
    .values = Um de
    .shapes = Objetos
    .in_path = no caminho
    .in_query = depois do ?
    .in_header = um cabeçalho
REQUEST_ID_INVALID = um request_id tem no máximo { $max } caracteres; o melhor é um UUID
REQUEST_ID_REUSED = este request_id pertence a uma solicitação anterior com outro conteúdo: use um novo
LEASE_LOST = outro processo assumiu este trabalho; nada desta tentativa foi mantido

## For whoever operates the suite

PORT_TAKEN = não é possível escutar em { $address }: { $cause }; escolha outro endereço com --listen ou TALLY_SERVER_LISTEN
HTTP_PORT_TAKEN = o gateway não consegue escutar em { $address }: { $cause }; escolha outro endereço com --http ou TALLY_SERVER_HTTP, ou deixe gateway fora de --services
DATABASE_URL_INVALID = a URL do banco de dados deve começar com sqlite:// ou postgres://
    .server = não é possível ler { $setting }: espera-se postgres://ROLE:PASSWORD@HOST:PORT/DATABASE, em que os sinais / ? # @ % de uma senha são escritos %2F %3F %23 %40 %25
    .file = não é possível ler { $setting }: espera-se sqlite://FOLDER/{ "{" }service{ "}" }.db, ou sqlite:///FOLDER/{ "{" }service{ "}" }.db para uma pasta que comece com / ou cujo nome não tenha só letras e algarismos simples
STORE_AWAY = não é possível alcançar o PostgreSQL de { $service } em { $at }: { $why }. Verifique se ele está em execução ali ou corrija host e porta em { $setting }
STORE_SIGN_IN_REFUSED = o PostgreSQL em { $at } recusa o login de { $user }: não existe essa role, ou a senha é outra. Coloque a senha certa em { $setting } ou execute `tally migrate` com a URL do proprietário, que cria a role e lhe dá essa senha
    .owner = o PostgreSQL em { $at } recusa o login de { $user }: não existe essa role, ou a senha é outra. Corrija a role e a senha em { $setting }
    .rule = o PostgreSQL em { $at } não deixa { $user } entrar em { $database } a partir desta máquina desse modo: nenhuma regra do pg_hba.conf permite. Se ele exige TLS, escreva sslmode=require em { $setting }; senão, o operador acrescenta uma regra
STORE_DATABASE_MISSING = não existe o banco de dados { $database } em { $at }: corrija o nome em { $setting } ou peça ao proprietário do servidor que o crie (CREATE DATABASE { $database })
STORE_PARAMETER_REFUSED = o PostgreSQL em { $at } não aceita os parâmetros da conexão; ele diz: { $says }. Corrija o que vem depois do ? em { $setting }; se for o PgBouncer, o operador pode deixá-lo passar (ignore_startup_parameters em pgbouncer.ini)
STORE_TLS_FAILED = não foi possível fazer uma conexão criptografada com o PostgreSQL em { $at } ({ $why }): corrija sslmode e sslrootcert em { $setting } ou peça ao operador do servidor que acerte o certificado
    .none = { $setting } pede TLS (sslmode), e o PostgreSQL em { $at } não usa TLS: peça ao operador que o ative (ssl = on), ou retire sslmode se não houver mais ninguém na rede
STORE_RIGHT_MISSING = { $user } não tem direitos de que { $service } precisa no banco de dados { $database } em { $at }: execute `tally migrate` com a URL do proprietário, que os concede
    .owner = { $user } não pode criar schemas, roles e tabelas no banco de dados { $database } em { $at }: informe em { $setting } uma role que seja dona do banco de dados e possa criar roles (CREATEROLE), ou um superusuário
DATABASE_ROLE_OF_ANOTHER = { $service } entra como { $user }, e os dados dele são só para a role { $login }: escreva tally_{ "{" }service{ "}" } como role em { $setting } (postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE)
DATABASE_IN_USE = o banco de dados { $database } já contém dados do tally (schema { $schema }), e é preciso um vazio: crie um (CREATE DATABASE) e informe-o com { $setting }; nada foi alterado
STORE_FILE_DAMAGED = o arquivo { $file } está danificado ou não é um banco de dados SQLite: restaure-o do seu backup ou informe outro lugar com { $setting }; nada foi alterado nele. O sqlite3 com PRAGMA integrity_check mostra o tamanho do dano
STORE_FILE_UNUSABLE = não é possível abrir o arquivo { $file } para leitura e gravação: { $why }. Dê ao usuário deste processo direito sobre ele e sobre a pasta, ou informe outro lugar com { $setting }
    .read_only = o arquivo { $file } só pode ser lido, e um armazenamento precisa de gravação: dê ao usuário deste processo o direito de gravar nele e na pasta, ou retire mode=ro de { $setting } se estiver ali
STORE_DISK_FULL = o disco de { $at } está cheio: libere espaço e repita a operação
    .serving = o disco do banco de dados de um serviço está cheio, e nada foi alterado: o operador libera espaço; depois repita a operação
STORE_DISK_FAILS = o disco de { $at } apresenta erros: o log dessa máquina diz quais; conserte-o ou troque-o e verifique se os dados estão íntegros antes de continuar
    .serving = o disco do banco de dados de um serviço apresenta erros, e nada foi alterado: o operador consulta o log dessa máquina; depois repita a operação
DATABASE_ROLE_TOO_POWERFUL = a URL do banco de dados de { $service } entra como { $user }, { $power }: a segurança por linha (row-level security) não teria efeito. Coloque a role { $login } na URL (postgres://tally_{ "{" }service{ "}" }@host/database); `tally migrate` com a URL do proprietário a cria
POWER_SUPERUSER = um superusuário
POWER_BYPASSRLS = uma role com BYPASSRLS
POWER_OWNER = o proprietário das tabelas
SCHEMA_BEHIND =
    o schema de { $service } está { $count ->
        [one] { $count } migração
       *[other] { $count } migrações
    } atrás (a próxima é { $next }): execute `tally migrate` com a URL do proprietário
SCHEMA_AHEAD = o armazenamento de { $service } foi atualizado por uma versão mais nova do tally (esta não conhece { $migration }): inicie aquela versão ou uma mais nova, ou restaure o backup de antes da atualização
TENANT_NOT_HERE = este armazenamento é um arquivo SQLite e contém um único grupo, que é outro; vários grupos precisam de PostgreSQL (TALLY_DATABASE_URL=postgres://...), que os separa pela segurança por linha
STORE_OF_ANOTHER_SERVICE = o arquivo SQLite de { $service } é o de { $owner }: coloque { "{" }service{ "}" } na URL (sqlite://dir/{ "{" }service{ "}" }.db)
SERVICE_NAME_INVALID = “{ $service }” não pode ser nome de um serviço: no máximo 32 caracteres entre a-z e _
HEADS_UNREADABLE = não é possível ler o arquivo de cabeças assinadas { $file }: { $cause }
HEADS_UNWRITABLE = não é possível gravar as cabeças assinadas do log em { $file }: { $cause }. Informe com audit.heads_directory uma pasta em que o usuário deste processo possa gravar
KEYS_UNUSABLE = não é possível usar o arquivo de chaves { $file }: { $cause }. Restaure-o do seu backup ou aponte keys.directory para a pasta certa; o que está selado não abre com outras chaves
    .missing = não existe o arquivo de chaves { $file }: aponte keys.directory para a pasta certa ou restaure-o do seu backup; o que está selado não abre com outras chaves
    .closed = não é possível usar o arquivo de chaves { $file }: { $cause }. O usuário deste processo precisa poder lê-lo como proprietário (modo 0400) ou pelo grupo dele (0440, no Kubernetes com fsGroup)
    .unwritable = não é possível gravar o arquivo de chaves { $file }: { $cause }. Permita que o usuário deste processo grave na pasta ou informe outra com keys.directory
    .signing = não é possível usar a chave { $file }: { $cause }. Restaure-a do seu backup ou aponte keys.directory para a pasta certa. Sem backup, mova-a para outro lugar: a próxima inicialização cria uma nova, quem está conectado entra de novo, e outras instalações que confiam na chave antiga precisam da nova .pub
    .closed_signing = não é possível usar a chave { $file }: { $cause }. O usuário deste processo precisa poder lê-la como proprietário (modo 0400) ou pelo grupo dela (0440, no Kubernetes com fsGroup)
    .public = não é possível usar a chave pública { $file }: { $cause }. Copie-a de novo do serviço dono da chave; uma que esteja ao lado da .key pode ser excluída, o serviço a grava de novo ao iniciar
    .folder = não é possível usar a pasta de chaves { $file }: { $cause }. Permita que o usuário deste processo leia e grave nela ou informe outra com keys.directory
    .unwritable_signing = não é possível gravar a chave { $file }: { $cause }. Permita que o usuário deste processo grave na pasta ou informe outra com keys.directory
    .foreign = a chave pública { $file } não pertence à chave { $private } ao lado dela: uma das duas foi trocada. Restaure as duas do seu backup; se a chave privada for a certa, exclua a pública, que o serviço grava de novo ao iniciar
SECRET_OPEN = qualquer pessoa nesta máquina pode usá-lo; digite chmod 600 com o nome dele
    .group = o grupo { $gid } dele pode usá-lo, e este processo não está nesse grupo; digite chmod 600 com o nome dele ou execute o processo com o grupo { $gid } (no Kubernetes: fsGroup: { $gid })
    .writable = o grupo dele pode alterá-lo; digite chmod g-w com o nome dele
KEY_FILE_MALFORMED = a primeira linha deve começar com “{ $header }”
    .lock = a primeira linha não diz como ele está protegido
    .line = uma linha deve ter: tipo, id, chave
    .id = “{ $id }” não é id de uma chave
    .base64 = a chave { $kind } { $id } não está em base64
    .length = a chave { $kind } { $id } deve ter 32 bytes
    .damaged = a chave { $kind } { $id } está danificada
    .kind = “{ $kind }” não é um tipo de chave
    .twice = a chave { $kind } { $id } aparece duas vezes
    .few = ele precisa de pelo menos uma chave wrap, uma bind e uma sign
KEY_LINE_MALFORMED = uma linha deve conter 32 bytes em base64 e desde quando ou até quando eles valem
    .none = ele não contém nenhuma chave
KEYS_OF_ANOTHER_STORE = as chaves deste processo não são as que gravaram os dados de { $service }: aponte keys.directory para a pasta certa ou restaure seal.key do seu backup; nada foi alterado, e nenhuma chave nova foi criada. Com as chaves certas no lugar, `tally audit verify` diz se alguém alterou o log
STORE_LOST = o armazenamento de { $service } está vazio, mas { $file } diz que ele continha dados: restaure o banco de dados do seu backup (no SQLite, o arquivo) ou verifique se { $setting } aponta para outro; nada foi alterado. Só se tudo deve recomeçar do zero, mova { $file } para outro lugar primeiro
KEYS_PASSPHRASE_MISSING = o arquivo de chaves { $file } está protegido: defina TALLY_KEYS_PASSPHRASE, ou TALLY_KEYS_PASSPHRASE_FILE com um arquivo que contenha a frase secreta
KEYS_PASSPHRASE_WRONG = nenhuma chave de { $file } abre com esta frase secreta: confira TALLY_KEYS_PASSPHRASE (ou o arquivo que TALLY_KEYS_PASSPHRASE_FILE indica); se ela estiver certa, o arquivo está danificado: restaure-o do seu backup
KEYS_NOT_IN_A_FILE = estas chaves existem só neste processo: não há arquivo a alterar
KEY_ROTATES_ALREADY = { $service } tem uma chave nova que assina a partir de { $from }: aguarde até lá

## The command line

SERVER_AWAY = ninguém responde em { $server }: a suíte está em execução ali? --server diz onde ela escuta
CLIENT_FILE_UNREADABLE = não é possível ler { $file }: { $why }
CLIENT_FILE_WRONG = { $file } não contém { $block } em PEM
SIGNED_IN_AS = como { $login } em { $server }, com login por `tally login`
LOGIN_GOOD = login válido até { $until }. Os próximos comandos não precisam do token nem do servidor de novo; outros programas o enviam como `authorization: Bearer ..`
LOGIN_NOT_REMEMBERED = não é possível guardar o login em { $file } ({ $why }): passe o token a outros comandos com --token-file
SIGN_IN_OVER = o login de { $login } expirou: execute `tally login { $login }` de novo
SIGN_IN_FIRST = sem token: execute `tally login NAME` primeiro, informe um arquivo com um token (--token-file) ou envie um por pipe
FOLDER_UNWRITABLE = não é possível criar a pasta { $path }: { $cause }. Crie-a para o usuário deste processo ou informe outra em { $setting }

## Bringing a bundle into a running suite

PERSON_NOT_IN_SUITE = a suíte não tem ninguém com a matrícula { $number } que você possa ver: resolva por que essa linha de people.csv foi recusada e execute a importação de novo
ACCOUNT_NOT_IN_SUITE = a suíte não tem nenhuma conta { $label } que você possa ver: resolva por que essa linha de accounts.csv foi recusada e execute a importação de novo
ROWS_OF_UNIT_REFUSED = a unidade { $unit } dela foi recusada
ROWS_OF_NUMBER_REFUSED = o número { $number } foi recusado em people.csv: esta linha pode se referir a outra pessoa que não a da suíte
ROWS_OF_ACCOUNT_REFUSED = a conta { $label } foi recusada em accounts.csv: esta linha pode se referir a outra que não a da suíte
ROWS_OF_RECORD_REFUSED = o atendimento { $record } foi recusado em records.csv: as mensagens dele podem ser de outro que não o da suíte
NICKNAME_REFUSED = o apelido { $alias } foi recusado em aliases.csv, e este atendimento de { $number } pode indicar o atendente por ele
IMPORT_STOPPED =
    desta execução { $rows ->
        [one] { $rows } linha foi gravada
       *[other] { $rows } linhas foram gravadas
    }, além de tudo o que execuções anteriores trouxeram: execute o mesmo comando de novo, o que já entrou conta como existente
    .mend =
        desta execução { $rows ->
            [one] { $rows } linha foi gravada
           *[other] { $rows } linhas foram gravadas
        }, além de tudo o que execuções anteriores trouxeram: corrija o que é dito aqui e execute o mesmo comando de novo, o que já entrou conta como existente
IMPORT_SERVICE_AWAY =
    não foi possível alcançar o serviço { $service }; nada se perdeu: desta execução { $rows ->
        [one] { $rows } linha foi gravada
       *[other] { $rows } linhas foram gravadas
    }, além de tudo o que execuções anteriores trouxeram. Execute o mesmo comando de novo quando ele voltar; o que já entrou conta como existente
IMPORT_DAMAGED = valores se perderam no caminho até ele, e a suíte não sobrescreve nada, portanto guardaria para sempre o que restou deles: { $columns }
IMPORT_DAMAGED_COLUMN =
    em { $count ->
        [one] { $count } linha
       *[other] { $count } linhas
    } uma planilha encurtou { $column } para os primeiros dígitos (por exemplo { $example })
    .failed =
        em { $count ->
            [one] { $count } linha
           *[other] { $count } linhas
        } { $column } contém o que uma planilha mostra no lugar de um valor (por exemplo { $example })
IMPORT_DAMAGED_CURE = nada foi gravado: exporte a coluna como texto, sem fórmulas com erro, e importe de novo, ou digite o mesmo comando com --accept-damaged para gravar as linhas como estão
IMPORT_HEADING = O que a importação trouxe, de { $from } a { $to }
IMPORT_READ = lidas
IMPORT_REJECTED = rejeitadas
IMPORT_LEFT_OUT = unidas ou deixadas de fora
IMPORT_WRITTEN = gravadas
IMPORT_REVISED = nova versão
IMPORT_UNCHANGED = já existentes
IMPORT_REFUSED = recusadas
IMPORT_CENSUS = O que a suíte contém, até onde você pode ver
IMPORT_BEFORE = antes
IMPORT_AFTER = depois
IMPORT_UNITS = unidades organizacionais
IMPORT_PEOPLE = pessoas
IMPORT_ACCOUNTS = contas
IMPORT_ALIASES = apelidos
IMPORT_DEVICES = dispositivos
IMPORT_SHIFTS = turnos do período
IMPORT_SHIFT_HOURS = horas deles
IMPORT_PUNCHES = marcações do período
IMPORT_HANDOVERS = passagens do período
IMPORT_RECORDS = atendimentos destas contas no período
IMPORT_RECORD_HOURS = horas deles
IMPORT_AMOUNT = vendas deles, na menor unidade da moeda
IMPORT_CLAIMS = reivindicações nestas contas no período
IMPORT_REJECTED_ROWS =
    { $rows ->
        [one] { $rows } linha não pôde ser lida; { $file } a mostra com a solução.
       *[other] { $rows } linhas não puderam ser lidas; { $file } mostra cada uma com a solução.
    }
IMPORT_REVISED_ROWS =
    { $rows ->
        [one] { $rows } linha está em nova versão; a anterior continua legível
       *[other] { $rows } linhas estão em nova versão; as anteriores continuam legíveis
    }
IMPORT_REFUSED_ROWS =
    { $rows ->
        [one] { $rows } linha não foi aceita pela suíte; { $file } a mostra com o motivo.
       *[other] { $rows } linhas não foram aceitas pela suíte; { $file } mostra cada uma com o motivo.
    }
IMPORT_NEEDS = uma importação é para uma conta que possa ler e gravar unidades, pessoas, jornada e atendimentos, como uma com o papel group_hr

## Fields of requests

ROW_INVALID = { $problems }
INSTANT_IMPLAUSIBLE = espera-se um instante entre os anos { $first } e { $last }: confira o ano
VALUE_MISSING = deve ser informado
AT_MOST = no máximo { $max }
NUMBER_FROM_TO = de { $from } a { $to }
BEFORE_FROM = vem antes de from
THROUGH_OR_NAMED = pede todas as unidades: deixe unit_ids vazio ou retire isto
THROUGH_BEFORE = é o último de vários dias: informe o primeiro em as_of, e nenhum depois deste
NOT_AFTER_START = deve vir depois de start
CUT_OVER_MALFORMED = escreva HH:MM entre 00:00 e 11:59

## Attendance

NEVER_EMPLOYED = você ainda não tem vínculo, portanto ninguém pode dizer a que lugar isto pertence: pergunte ao seu RH
PUNCH_REPEATED = já há uma marcação sua registrada exatamente nesse instante
FACT_SUPERSEDED = a correção { $id } já acertou isto, e ele não conta mais: corrija o que conta agora
CORRECTION_WAITS = a correção { $id } do mesmo fato aguarda aprovação: aprove-a, rejeite-a ou retire-a primeiro
CORRECTION_NOT_WAITING =
    { $stage ->
        [approved] a correção já foi aprovada
        [rejected] a correção foi rejeitada: peça de novo
        [withdrawn] a correção foi retirada: peça de novo
       *[other] a correção já está valendo
    }
CORRECTION_OUTDATED = a correção { $id } acertou o fato depois deste pedido: rejeite-o e peça de novo sobre o que conta agora
    .gone = o fato deixou de ser guardado depois deste pedido: rejeite-o
OWN_CORRECTION = ninguém decide sobre a correção dos próprios fatos: outra pessoa precisa decidir
CORRECTION_OF_OTHERS = só quem pediu uma correção pode retirá-la: rejeite-a
PERIOD_PURGED = o que é anterior a { $day } não é mais guardado e não pode ser corrigido
    .cycle = um período que começa antes de { $day } é feito de { $kind }, e a retenção pode ter removido parte disso, portanto o ciclo não pode ser recalculado: acerte o que está errado fora do Tally
    .close = um período que começa antes de { $day } é feito de { $kind }, e a retenção pode ter removido parte disso, e o que falta faltaria sem aviso: escolha um período que comece em { $day } ou depois, ou primeiro aumente o tempo de guarda de { $kind } (SetRetention) e importe o que falta
    .row = o que é anterior a { $day } não é mais guardado, e esta linha não existe: deixe-a de fora ou primeiro aumente o tempo de guarda de { $kind } (SetRetention)
    .named = { $name } não existe, e o que é anterior a { $day } não é mais guardado: deixe-o de fora ou primeiro aumente o tempo de guarda de { $kind } (SetRetention)
ALREADY_DIFFERENT = { $why }: corrija isso primeiro
FACT_IN_FUTURE = { $at } ainda não chegou, agora é { $now }: uma marcação ou uma passagem só é corrigida depois de acontecer; para planejar, publique um turno
LATE_CHANGE_UNEXPLAINED = o turno já começou: diga por que ele está sendo alterado agora
CORRECTION_ACTION_EXPECTED = add, void ou move
ALIAS_DAY_OUTSIDE = deve ser um dos dias em que o apelido se refere a esta pessoa
DEVICE_DAY_OUTSIDE = deve ser um dos dias em que o dispositivo é desta pessoa ou deste posto
DEVICE_OWNER_EXPECTED = um dispositivo é de uma pessoa (person_id) ou de um posto (seat): informe um dos dois
HANDOVER_REPEATED = esta passagem já está registrada exatamente nesse instante
PERSON_UNKNOWN = nenhuma pessoa { $id }: importe as pessoas antes do que elas fizeram
ACCOUNT_UNKNOWN = nenhuma conta { $id }: importe as contas primeiro
    .file = { $account } não está em accounts.csv{ $hint }
PLACE_REGION_UNKNOWN = nenhuma unidade do grupo está na região { $region }
PLACE_UNIT_UNKNOWN = o grupo não tem a unidade { $unit } hoje
PLACE_TEAM_NOT_UNIT = a equipe { $team } não é a unidade { $unit }: deixe uma das duas de fora
PLACE_REGION_OF_UNIT = a unidade está na região { $is }, não em { $said }: deixe a região de fora
ACCOUNT_CONTRADICTS_ROW = { $key } contradiz uma linha anterior desta chamada em { $fields }: o que foi dito de uma conta permanece
ACCOUNT_CONTRADICTS_STORED = { $key } contradiz o que já existe em { $fields }: o que foi dito de uma conta permanece, só se acrescentam fases com datas posteriores
    .team = { $key } contradiz o que já existe em { $fields }: a conta é da unidade { $unit }, e { $team } hoje é outra unidade. Escreva o caminho que a própria unidade dela tem hoje, ou só unit_id
    .closed = { $key } contradiz o que já existe em { $fields }: a conta é da unidade { $unit }, que foi encerrada e hoje não tem caminho, e { $team } é outra unidade. Escreva só unit_id, sem a equipe
ACCOUNT_OUT_OF_REACH = { $key } está fora do que você pode enviar: deixe de fora ou peça que envie quem possa
FACT_OUT_OF_REACH = nesse dia a pessoa está fora do que você pode enviar: quem tinha a equipe na época envia isto, ou alguém do grupo
ALIAS_DIFFERENT = este apelido já existe desde a mesma data com outra pessoa (employee_no) e outro fim (to)
    .person = este apelido já existe desde a mesma data com outra pessoa (employee_no)
    .end = este apelido já existe desde a mesma data com outro fim (to)
DEVICE_DIFFERENT = este dispositivo já existe desde a mesma data, da mesma pessoa ou do mesmo posto, com outro fim (to)
SHIFT_CANCELLED = o turno desta pessoa nesta conta a partir de { $start } foi cancelado, e uma escala não o traz de volta: para planejá-lo de novo, altere o turno { $shift } (ChangeShift)
SHIFT_DIFFERENT = o turno desta pessoa nesta conta a partir de { $start } já existe com outro fim
    .seat = o turno desta pessoa nesta conta a partir de { $start } já existe com outro posto, ou sem posto enquanto esta linha indica um
PUNCH_DIFFERENT = em { $at } já se conhece uma marcação desta pessoa no sentido contrário (kind)
HANDOVER_DIFFERENT = em { $at } consta que outra pessoa fez isto (employee_no), e só uma por vez ocupa esta conta
    .kind = em { $at } consta que esta pessoa fez o contrário (kind)
SITE_DIFFERENT = o local { $name } já existe com outro fuso horário, outra virada do dia ou outra região
ALIAS_OVERLAP = este apelido já se refere a alguém em algumas dessas datas: termine um antes que o outro comece
SLASH_NOT_ALLOWED = não pode conter barra: ela une plataforma, loja e nome
PHASES_MISSING = pelo menos uma: como a conta é usada
DIRECTION_EXPECTED = diga o que é melhor: maior ou menor
NORMALISATION_EXPECTED = diga como um valor vira pontos: target_piecewise, min_max, percentile ou t_score
PHASE_KIND_EXPECTED = shared, mixed ou named
PHASE_TWICE = duas fases começam nesta data
HANDOVER_KIND_EXPECTED = take ou release
PUNCH_KIND_EXPECTED = in ou out
SHIFT_TOO_LONG = um turno tem menos de { $hours } horas
PERIOD_TOO_LONG = no máximo { $days } dias
DUTY_VERSION_EXPECTED = espera-se 1, 2 ou 3, ou 0 para a mais nova
PUNCH_OF_SHIFT = ela pertence ao seu turno que começa às { $start }
PUNCH_CAME = sua entrada está registrada a partir de agora
PUNCH_LEFT = ela fecha o intervalo que começou às { $since }
PUNCH_STILL_IN = sua entrada das { $since } ainda estava aberta: esse intervalo termina aqui e começa um novo
PUNCH_NOT_IN = você não marcou entrada nas últimas { $hours } horas: peça uma correção se esqueceu
PUNCH_NOT_PLANNED = nenhum turno seu está perto deste horário
PUNCH_DRIFT = o relógio do seu dispositivo difere do nosso em { $seconds } s; vale o nosso
DUTY_DOUBLE_IN = { $number } marcou entrada de novo em { $at } sem ter marcado saída; o primeiro intervalo termina ali
DUTY_IN_WITHOUT_OUT = { $number } marcou entrada em { $at } e não marcou saída em { $hours } h; o intervalo não conta
DUTY_OUT_MAY_COME = a marcação de { $number } em { $at } conta como entrada, e as marcações terminam em { $last } sem saída; isso não gera presença, e um turno desse dia de trabalho só conta onde um par de marcações o cobre
DUTY_LONE_IN = a marcação de { $number } em { $at } conta como entrada, e nenhuma saída vem em { $hours } h; isso não gera presença, e um turno desse dia de trabalho só conta onde um par de marcações o cobre
DUTY_LONE_OUT = a marcação de { $number } em { $at } conta como saída, e nenhuma entrada veio nas { $hours } h anteriores; isso não gera presença, mas um turno desse dia de trabalho só conta onde um par de marcações o cobre, e uma ocupação sem devolução termina ali
DUTY_SHIFT_UNCOVERED = { $number } estava na escala de { $account } de { $start } a { $end } e marcou ponto nesse dia de trabalho, mas nenhum par de marcações cobre o turno; ele não conta até que as marcações que faltam sejam acrescentadas
DUTY_SHIFT_BARELY_COVERED =
    { $number } estava na escala de { $account } de { $start } a { $end } e marcou ponto nesse dia de trabalho, mas { $why ->
        [other] as marcações que alcançam este turno pertencem a outro
       *[edge] nenhum par de marcações cobre o horário planejado
    }; não mais que { $minutes } min na borda contam até que as marcações que faltam sejam acrescentadas
DUTY_SHIFT_HELD_BY_OTHERS = { $number } estava na escala de { $account } de { $start } a { $end }, mas pelo registro de passagens só outros ocuparam a conta no tempo que contaria; o turno não conta, e se { $number } atendeu nesse horário, é preciso acrescentar a assunção e a devolução
DUTY_OUT_WITHOUT_IN = { $number } marcou saída em { $at } sem entrada nas { $hours } h anteriores; não conta
DUTY_OUT_AFTER_CLOSED_IN = a marcação de { $number } em { $at } conta como saída, mas a entrada anterior foi fechada em { $out }; ela não gera presença, e uma ocupação sem devolução termina ali
DUTY_SHIFT_NOT_EMPLOYED = { $number } está na escala de { $account } de { $start } a { $end } e não tem vínculo nesse período: o turno não conta; corrija a escala ou os dias do vínculo
DUTY_PUNCH_NOT_EMPLOYED = { $number } marcou ponto em { $at } e não tem vínculo nesse momento: não conta; corrija a marcação ou os dias do vínculo
DUTY_HOLD_NOT_EMPLOYED = { $number } assumiu { $account } em { $at } e não tem vínculo nesse momento: a ocupação não conta; corrija a passagem ou os dias do vínculo
DUTY_IN_AND_OUT_AT_ONCE = { $number } marcou entrada e saída em { $at }, as duas ao mesmo tempo; isso não gera presença
DUTY_NOBODY = há evidências sobre { $account }, e mesmo assim ninguém esteve em serviço no período
DUTY_NO_EVIDENCE_V1 =
    nenhuma escala, marcação ou passagem fala de { $account } no período: todo o trabalho é dividido por toda a equipe ({ $scope ->
        [all] todos
       *[team] { $team }
    }, { $people ->
        [one] { $people } pessoa
       *[other] { $people } pessoas
    }); publique escalas ou peça que as pessoas marquem ponto
DUTY_NO_EVIDENCE =
    nenhuma escala, marcação ou passagem fala de { $account } no período: toda a equipe conta como em serviço ({ $scope ->
        [all] todos
       *[team] { $team }
    }, pessoas: { $people }); publique escalas ou peça que as pessoas marquem ponto
DUTY_RELEASE_WITHOUT_TAKE = { $number } devolveu { $account } em { $at } sem estar com ela; não conta
DUTY_NEVER_RELEASED =
    { $number } assumiu { $account } em { $since } e nunca a devolveu; a ocupação termina em { $end } com { $by ->
        [release] a devolução
        [punch_out] a próxima marcação de saída
        [roster] o fim da escala
        [too_long] a maior duração permitida
       *[taken_again] a próxima assunção
    }
DUTY_NO_RELEASE_KNOWN =
    { $number } assumiu { $account } em { $since }, e não se conhece devolução depois disso; a ocupação termina em { $end } com { $by ->
        [release] a devolução
        [punch_out] a próxima marcação de saída
        [roster] o fim da escala
        [too_long] a maior duração permitida
       *[taken_again] a próxima assunção
    }
DUTY_TAKEN_AGAIN =
    { $number } assumiu { $account } em { $since } e de novo em { $again }, sem devolução entre as duas; a ocupação termina em { $end } com { $by ->
        [release] a devolução
        [punch_out] a próxima marcação de saída
        [roster] o fim da escala
        [too_long] a maior duração permitida
       *[taken_again] a próxima assunção
    }
DUTY_HELD_BY_TWO =
    { $first } e { $second } ocuparam { $account } ao mesmo tempo de { $from } a { $until }; { $why ->
        [exclusive] só uma pessoa por vez pode ocupá-la
       *[unreleased] a primeira não a tinha devolvido
    }

## What to do about findings

FINDING_ADVICE =
    { $kind ->
        [NO_DUTY_EVIDENCE] importe uma escala da conta, ou peça que as pessoas marquem ponto ou façam passagens, e inicie a execução de novo
        [UNHELD_ACCOUNT] acrescente o turno de quem atendia na conta, ou as marcações ou a assunção que faltam; mova um atendimento que seja de outra conta (MoveRecord)
        [OVERLAP] acrescente a devolução de quem já não estava com a conta quando a outra pessoa a assumiu (CorrectHandover)
        [MISSING_RELEASE] acrescente a devolução (CorrectHandover)
        [RELEASE_WITHOUT_TAKE] acrescente a assunção que corresponde à devolução, ou anule a devolução (CorrectHandover)
        [DOUBLE_IN] acrescente a saída antes da segunda entrada, ou anule uma das duas (CorrectPunch)
        [MISSING_PUNCH] acrescente a marcação que falta, ou anule a que está sozinha (CorrectPunch)
        [UNCOVERED_SHIFT] acrescente as marcações do turno (CorrectPunch), ou cancele-o se ninguém veio (CancelShift)
        [BARELY_COVERED_SHIFT] acrescente as marcações que faltam do turno (CorrectPunch), ou altere os horários dele (ChangeShift)
        [HELD_BY_OTHERS] acrescente a assunção e a devolução de quem atendeu pela escala (CorrectHandover), ou cancele o turno (CancelShift)
        [NOT_EMPLOYED] corrija a escala, a marcação ou a passagem, ou os dias do vínculo (ChangeEmployment)
        [TAG_OFF_DUTY] acrescente o turno ou as marcações de quem o atendimento indica, mova-o para a conta de que ele é (MoveRecord), ou envie-o de novo com o nome certo e uma revisão mais alta
        [NAMED_WITHOUT_AGENT] envie os atendimentos de novo com o nome do atendente e uma revisão mais alta
        [MIXED_WITHOUT_TAG] envie os atendimentos de novo com o nome do atendente e uma revisão mais alta, ou deixe valer a escala
        [TOO_FEW_TO_INFER] não há nada a fazer; passagens ou nomes nos atendimentos dizem com mais precisão quem atendeu
        [DID_NOT_SETTLE] não há nada a fazer; passagens dizem com mais precisão quem atendeu
        [SEVERAL_AT_ONCE] envie os horários das respostas ou deixe as pessoas reivindicarem as conversas; nomes nos atendimentos também dizem com mais precisão quem atendeu
        [TOO_FEW_REPLIES] em um mês pequeno não há nada a fazer; nomes nos atendimentos, ou reivindicações, dizem com mais precisão quem atendeu
        [REPLIES_TOO_DENSE] faça com que um décimo dos atendimentos tenha nome, seja reivindicado com um clique (MakeClaim) ou escrito em dispositivos conhecidos (ImportDevices), e que as pausas sejam marcadas
        [EVIDENCE_UNEVEN] faça com que todos na conta cliquem (MakeClaim), assinem ou escrevam em dispositivos conhecidos (ImportDevices) por igual
        [CLOCK_WITHOUT_SECONDS] faça exportar os horários das respostas com os segundos
        [CLAIM_OFF_DUTY] confira quem clicou e as marcações e a escala desse dia
        [CLAIM_WITHOUT_RECORD] confira se o atendimento foi enviado e o relógio das reivindicações
        [CLAIMS_DIFFER] pergunte quem atendeu e faça o atendimento indicar o atendente
        [DEVICE_OFF_DUTY] confira de quem é o dispositivo e as marcações e a escala desse dia
        [DEVICE_OF_SEVERAL] diga de quando a quando o dispositivo é de quem
        [DEVICE_OF_NOBODY] diga de quem é o dispositivo nesses dias, pelo nome que os atendimentos lhe dão (ImportDevices), ou coloque alguém na escala do posto dele
        [EVIDENCE_NOT_READ] indique a versão 3 da política, que lê isso, ou nenhuma, para a mais nova; ou deixe assim, e o mês é creditado sem isso
        [REPLY_OUTSIDE_RECORD] confira quando o atendimento começa e termina e o relógio das respostas
        [BREAKS_NOT_PUNCHED] peça que as pessoas marquem saída para a pausa e entrada depois dela (RecordPunch), ou que passem a conta
        [CLOCKS_APART] acerte o relógio do sistema de atendimento e exporte as mensagens dele de novo, se devem ser guardadas com a hora certa
        [UNKNOWN_AGENT] diga de quem é o nome (ImportAliases), ou envie os atendimentos de novo com o nome certo
        [ACCOUNT_UNKNOWN] importe a conta (ImportAccounts), ou mova os atendimentos para a conta de que eles são (MoveRecord)
        [POPULATION_CHANGED] feche o ciclo de novo, a menos que ele deva ficar com as pessoas de antes (CloseCycle)
        [AMOUNTS_CONVERTED] não há nada a fazer; se uma cotação estiver errada, registre a certa (SetRates) e inicie a execução de novo
        [MEASURE_NOT_SENT] envie o que a frase indica, ou retire o indicador do modelo de avaliação
        [OBSERVATIONS_BEYOND_PERIOD] retire a observação (WithdrawObservation) e envie-a em partes, cada uma com dias de um só período, ou feche um período que contenha todos os dias dela
        [OBSERVATIONS_UNREAD] envie-as de novo com o nome certo e retire estas (WithdrawObservation), ou faça um modelo de avaliação ler a métrica; não há nada a fazer se são guardadas para depois
        [REFUND_EXCEEDS_SALE] envie o reembolso de novo com o valor certo e uma revisão mais alta, ou retire-o (WithdrawRecord); se ele estiver certo, envie a venda de novo com o que ela rendeu
        [CONTRIBUTOR_UNKNOWN] diga de quem é o nome (ImportAliases), ou envie o atendimento de novo com os participantes certos e uma revisão mais alta
        [CONTRIBUTOR_OFF_DUTY] não há nada a fazer se alguém ajudou fora do próprio horário; senão, acrescente o turno ou as marcações, ou envie o atendimento de novo com os participantes certos e uma revisão mais alta
        [CONTRIBUTORS_NOT_SPLIT] indique uma política com divisão para que esses atendimentos sejam divididos, ou deixe assim: os participantes ficam guardados
        [STANDARD_WITHDRAWN] escreva uma nova versão do modelo de avaliação que siga um padrão em uso (ListRefinements diz qual serve), depois crie e feche um ciclo com ela, ou corrija com ela um já publicado (CorrectCycle); deixe assim se o mês ainda deve ser avaliado pelo antigo
       *[other] veja o que ela indica, corrija o que estiver errado e inicie a execução de novo
    }
FIX_REFUSED = a correção não foi aceita: { $why }
FINDING_WITHOUT_FIX = nenhuma chamada resolve sozinha uma ocorrência do tipo { $kind }: a orientação dela diz o que fazer

## Performance

CYCLE_CLOSING = o ciclo está sendo fechado neste momento: acompanhe-o ou cancele primeiro
CYCLE_PUBLISHED = o ciclo está publicado e não muda mais: corrija-o com CorrectCycle se o resultado precisar ser outro
CYCLE_NOT_CLOSING = o ciclo não está sendo fechado, portanto não há o que cancelar
CYCLE_NOT_REVIEWABLE = o ciclo não tem resultado a publicar: feche-o primeiro
CYCLE_WITHOUT_RESULT = o ciclo ainda não tem resultado: feche-o e acompanhe-o até que possa ser revisado
PERIOD_WITHOUT_RECORDS = nenhum atendimento de nenhuma conta começou entre { $from } e { $to }: importe os atendimentos desses dias ou crie um ciclo sobre outros dias
    .part = nenhum atendimento de uma conta da unidade, ou de uma que as pessoas dela atenderam, começou entre { $from } e { $to }: importe os atendimentos desses dias; se já existem, faça as contas indicarem a equipe delas na unidade e corrija os vínculos de quem atendeu; se as equipes foram para outra unidade, é ela que fecha o mês delas
NOBODY_CREDITED =
    { $records ->
        [one] o único atendimento não pôde ser creditado a ninguém
       *[other] nenhum dos { $records } atendimentos pôde ser creditado a alguém
    }: importe escalas, marcações ou passagens do período e feche de novo
    .unemployed =
        { $records ->
            [one] o único atendimento não pôde ser creditado a ninguém
           *[other] nenhum dos { $records } atendimentos pôde ser creditado a alguém
        }, pois ninguém tem vínculo entre { $from } e { $to }: corrija os vínculos ou o período e feche de novo
    .elsewhere = ninguém da população tem parte de um atendimento: o que a execução de atribuição leu está creditado a pessoas de fora ({ $elsewhere } de { $records }). Veja quem faz parte e por quê (PreviewPopulation), corrija os vínculos, ou a conta, o atendente ou a escala em que os atendimentos se baseiam, e feche de novo
CYCLE_REFUSED = { $message }
CYCLE_GIVEN_UP = o fechamento foi tentado várias vezes sem sucesso ({ $reason }): feche de novo e, se falhar outra vez, fale com o operador
STEP_QUEUED = aguardando um processo
STEP_COLLECTING = reunindo pessoas, contas e jornada
STEP_ATTRIBUTING = creditando atendimentos a pessoas
STEP_SCORING = gerando boletins
RUN_RESTS = a execução de atribuição já terminou, portanto não há o que parar
RUN_NOT_DONE = a execução de atribuição não tem resultado: acompanhe-a até terminar ou inicie outra
RUN_DIFFERS = a execução de atribuição é de outros dias ou de outra política que a do ciclo: indique uma igual, ou nenhuma, e uma será iniciada
RUN_COVERS_PART = a execução de atribuição é sobre algumas contas ou unidades, e não sobre tudo o que o ciclo abrange: indique uma sobre a unidade do ciclo ou uma acima, ou nenhuma, e uma será iniciada
    .moved =
        { $people ->
            [one] { $people } pessoa que está no ciclo em { $day } (as_of) pertence a outro lugar em { $last },
           *[other] { $people } pessoas que estão no ciclo em { $day } (as_of) pertencem a outro lugar em { $last },
        } com as contas em que atenderam: peça uma execução para { $unit } (StartAttributionRun, por alguém cujos direitos cheguem até lá) e indique-a (attribution_run_id), ou use o último dia em as_of
    .moved_group =
        { $people ->
            [one] { $people } pessoa que está no ciclo em { $day } (as_of) pertence a outro lugar em { $last },
           *[other] { $people } pessoas que estão no ciclo em { $day } (as_of) pertencem a outro lugar em { $last },
        } com as contas em que atenderam: peça uma execução para o grupo (StartAttributionRun, pelo RH do grupo) e indique-a (attribution_run_id), ou use o último dia em as_of
RUN_AWAITED = um ciclo está sendo fechado com esta execução de atribuição: cancele o fechamento do ciclo
RUN_OUTDATED = atendimentos de { $account } foram alterados desde que a execução de atribuição os leu, e o modelo de avaliação lê uma coluna que ela não somou: inicie outra execução ou feche sem indicar nenhuma
RUN_WITHOUT_RATES = o modelo de avaliação indica a moeda dele, e a execução de atribuição é de antes de as cotações serem guardadas: feche o ciclo sem indicar a execução ou inicie outra
    .on = o atendimento { $record } de { $account } de { $day } está em outra moeda, e a execução de atribuição não guarda cotações desse dia, pois nenhum modelo de avaliação para o qual ela foi iniciada, ou que estava em uso então, alcança tão longe: feche o ciclo sem indicar a execução ou inicie outra
RUN_STOPPED = a execução de atribuição foi parada: feche o ciclo de novo
RUN_BELONGS_ABOVE =
    { $own ->
        [0]
            pessoas desta unidade atendem em contas de { $units ->
                [0] outras unidades
               *[other] { $beyond }
            }
       *[other]
            pessoas de { $units ->
                [0] outras unidades
               *[other] { $beyond }
            } atendem nas mesmas contas ({ $accounts })
    }, e quem trabalhou junto é creditado junto: peça a execução de atribuição para { $unit } (StartAttributionRun, por alguém cujos direitos cheguem até lá) e feche com ela (CloseCycle com attribution_run_id)
    .group =
        { $own ->
            [0]
                pessoas desta unidade atendem em contas de { $units ->
                    [0] outras unidades
                   *[other] { $beyond }
                }
           *[other]
                pessoas de { $units ->
                    [0] outras unidades
                   *[other] { $beyond }
                } atendem nas mesmas contas ({ $accounts })
        }, e quem trabalhou junto é creditado junto: peça a execução de atribuição para o grupo inteiro (StartAttributionRun sem unidade, pelo RH do grupo) e feche com ela (CloseCycle com attribution_run_id)
SCHEME_OF_ANOTHER_UNIT = o modelo de avaliação é de uma unidade a que o ciclo não pertence: use um do grupo, da unidade ou de uma acima dela
POPULATION_EMPTY = não há ninguém no ciclo: veja com PreviewPopulation quem faz parte e quem não faz e indique outras unidades, cargos, níveis ou pessoas
POPULATION_UNIT_BEYOND = { $unit } não é a unidade do ciclo nem está abaixo dela nesse dia
POPULATION_PERSON_BEYOND = { $person } não pertence à unidade do ciclo nem abaixo dela nesse dia
POPULATION_PERSON_UNKNOWN = ninguém no grupo tem o id { $person }: procure o id com ListPeople
POPULATION_AS_OF_OUTSIDE = { $day } não é um dia do ciclo: informe um dia de { $from } a { $to }, ou nenhum, e vale { $to }
STANDARD_WITHDRAWN = o modelo de avaliação “{ $scheme }” refina a versão { $version } do padrão “{ $standard }”, que está fora de uso a partir de { $from }: mesmo assim o ciclo é avaliado por ela
    .instead = o modelo de avaliação “{ $scheme }” refina a versão { $version } do padrão “{ $standard }”, que está fora de uso a partir de { $from }, devendo-se usar a versão { $instead } no lugar dela: mesmo assim o ciclo é avaliado por ela
POPULATION_CHANGED = entrou na população ou saiu dela enquanto o ciclo era fechado
    .came = pertence à população agora, mas não quando o fechamento começou, e não tem boletim: feche o ciclo de novo para incluir a pessoa
    .left = pertencia à população quando o fechamento começou, mas não pertence mais, e tem boletim: feche o ciclo de novo para deixar a pessoa de fora
CYCLE_OR_RUN = indique um ciclo ou uma execução de atribuição, não os dois
RUN_GONE = a execução foi cancelada
WORKER_GONE = o processo parou
TIME_OF_DAY_MALFORMED = “{ $text }” não é uma hora do dia: escreva 04:00
RULES_VERSION_UNKNOWN = “{ $version }” não é uma versão das regras: escreva 1, 2 ou 3
RULES_VERSION_DIFFERS = deixe de fora ou escreva { $version }, como em policy.version
ACCOUNT_ELSEWHERE =
    a conta { $account } está na região { $region } e { $unit ->
        [none] não é de nenhuma unidade
       *[other] é da unidade { $unit }
    }: informe assim
EXTERNAL_ID_MISSING = external_id está vazio: informe o id do atendimento na plataforma
RECORD_TEXT_TOO_LONG = { $field } é longo demais: no máximo { $max } caracteres
MEASURE_TOO_LONG = uma métrica é longa demais: no máximo { $max } caracteres
MEASURES_TOO_MANY = a lista de métricas é longa demais: no máximo { $max }
RECORD_TIME_MISSING = { $field } está faltando ou não é um horário
INTERVAL_BACKWARDS = termina em { $ended } antes de começar em { $started }: corrija um dos dois
RECORD_TIME_IMPLAUSIBLE = { $field } não está entre os anos { $first } e { $last }: confira o ano
INTERVAL_TOO_LONG = dura de { $started } a { $ended }, e nenhum atendimento dura mais de { $days } dias: corrija as datas
AMOUNT_OUT_OF_RANGE = o valor está acima de { $most } na menor unidade da moeda: confira a unidade
REPLY_OUT_OF_RANGE = a primeira resposta veio depois de mais de { $most } segundos: confira a unidade ou deixe de fora
MEASURE_OUT_OF_RANGE = a métrica “{ $name }” tem mais de { $digits } algarismos antes do ponto: confira a unidade
AMOUNT_NEGATIVE = o valor é negativo: indique em refers_to o atendimento de que ele é reembolso
REFUND_TAKES_NOTHING = refers_to faz dele um reembolso, e o valor não é negativo: escreva o valor devolvido com um sinal de menos ou deixe refers_to vazio
REFERS_TO_NOTHING = { $id } se refere a { $other }, que não é um atendimento desta conta: envie aquele primeiro ou na mesma chamada
REFERS_TO_REFUND = { $id } se refere a { $other }, que também é um reembolso: indique o atendimento original
REFERENCE_FIXED = { $id } já existe e se refere a outro atendimento, ou a nenhum: retire-o e envie o reembolso com um id próprio
REPLY_RECORD_UNKNOWN = não há atendimento { $id } nesta conta, ou ele é de um dia que você não pode importar: importe o atendimento primeiro ou corrija o id ou a conta
    .account = { $account } não é id de nenhuma conta: informe-o como as listas o mostram
REPLIES_MISSING = { $id } não tem mensagem: envie pelo menos uma ou deixe a linha de fora
REPLY_SIDE_MISSING = falta by: diga se quem escreveu foi o atendente ou o cliente (agent ou customer)
REPLIES_TOO_MANY = { $id } teria { $count } mensagens, e um atendimento tem no máximo { $most }: confira se um mesmo id vale para várias conversas
    .import = no máximo { $most } mensagens por chamada, e aqui são { $count }: envie várias chamadas
CLAIM_NAMES_BOTH = ela indica um atendimento e um cliente: indique um dos dois, ou nenhum para o próximo atendimento na conta
CLAIM_OUT_OF_REACH = reivindicações na conta { $account } estão fora do que você pode enviar: deixe-as de fora ou peça que as envie quem possa
CLAIM_WITHDRAWN = a reivindicação de { $at } foi retirada ({ $why }): deixe-a de fora
OBSERVATION_OUT_OF_REACH = { $name } está fora do que você pode enviar: deixe de fora ou peça que envie quem possa
CONTRIBUTORS_MALFORMED = contributors: “{ $text }” não indica ninguém: escreva um papel e uma matrícula ou um apelido, sem ponto e vírgula
    .role = contributors: “{ $text }” não é um papel: use first_answer, closer ou after_sales
    .twice = contributors: { $text } aparece duas vezes: indique cada pessoa uma só vez em um papel
    .many = contributors: são mais do que os { $max } que um atendimento pode ter
SPLIT_NOT_WHOLE = as partes somam { $sum } e não 1000000 milionésimos: dê a cada papel a sua parte, de modo que juntas formem um atendimento inteiro
RECORD_CURRENCY_UNKNOWN = “{ $code }” não é uma moeda da ISO 4217: escreva uma, como JPY, ou deixe vazio para a do grupo
REVISION_OUT_OF_RANGE = a revisão { $revision } está acima de { $most }: envie uma menor
REVISION_TWICE = revision e revised_at estão os dois presentes: envie um deles
REVISION_STALE = { $id } já existe como revisão { $there }, mais nova que { $sent }: envie uma revisão mais alta, se é isto que vale
    .unsaid = { $id } já existe como revisão { $there }, e esta linha não indica nenhuma: envie uma revisão mais alta, se é isto que vale
RECORD_WITHDRAWN = { $id } foi retirado ({ $why }): deixe-o de fora ou envie uma revisão mais alta para trazê-lo de volta
    .already = { $id } já foi retirado ({ $why }): não há mais nada a fazer
RECORD_MOVED = { $id } foi movido para outra conta ({ $why }): envie-o para aquela conta
    .already = { $id } foi movido para outra conta ({ $why }): ListRecordVersions diz para qual; se for a certa, não há mais nada a fazer
RECORD_OUT_OF_REACH = { $id } está fora do que você pode importar desse dia: peça que o importe quem tinha a equipe da conta nesse dia, ou o grupo
RATING_OUT_OF_RANGE = a nota do cliente de { $rating } milésimos está acima de dez pontos
MEASURE_MALFORMED = a métrica “{ $name }” precisa ter um nome próprio e um número decimal ou um texto
ROWS_CONTRADICT = várias linhas desta chamada são { $id } e dizem coisas diferentes: envie a certa
ID_WITH_UNSEEN = { $field } contém o caractere invisível { $character }: apague-o
    .here = contém o caractere invisível { $character }: apague-o
DIFFERENT_CONTENT = { $id } já existe com outro conteúdo ({ $columns }): envie com uma revisão mais alta, se é isto que vale
COLUMN_DIFFERS = { $column }: { $there } lá, { $here } aqui
    .hidden = { $column }
NO_VALUE_THERE = nada
MOVED_TO_ITSELF = o atendimento já está nessa conta: indique aquela de que ele é
RECORD_REFERRED_TO = o reembolso { $refund } se refere a { $id }: retire primeiro o reembolso
REFUND_MOVES_WITH_RECORD = { $id } é um reembolso de { $other }: mova aquele atendimento, e os reembolsos vão junto
RECORD_THERE_ALREADY = a outra conta tem, ou teve, outro atendimento { $id }: nada é sobrescrito, retire o que está errado
RECORD_RATE_MISSING = o atendimento { $record } de { $account } está em { $currency }, e a execução de atribuição é de antes de as cotações serem guardadas: feche o ciclo sem indicar a execução ou inicie outra
    .on = o atendimento { $record } de { $account } está em { $from }, e não se conhece cotação entre { $from } e { $to } em { $day }: peça que a registrem desse dia ou de um anterior (SetRates, com a fonte); depois corrija o ciclo de novo se ele foi publicado, senão feche-o de novo, sem indicar execução ou a partir de uma iniciada depois: uma execução anterior mantém as cotações que tem
    .look = { $account } tem vendas em { $from } a partir de { $day }, e não se conhece cotação entre { $from } e { $to } nessa data: peça que a registrem desse dia ou de um anterior (SetRates, com a fonte)
RECORD_ELSEWHERE = não é possível calcular com um atendimento de uma conta que não é desta unidade ({ $why }): peça ao grupo que feche um ciclo sobre os mesmos dias, o que indicará o atendimento, faça com que ele seja corrigido e feche de novo sem indicar execução, ou a partir de uma iniciada depois: uma execução anterior mantém os atendimentos e as cotações que leu
RECORD_AMOUNT_TOO_LARGE = o valor do atendimento { $record } de { $account } passa de { $most } na menor unidade de { $to }, mais do que se pode calcular: corrija o valor ou a cotação do dia e feche de novo
SCHEDULE_UNIT_STAYS = a unidade de um agendamento não muda: crie outro agendamento para outra unidade
SCHEDULE_AS_OF = um agendamento define a cada mês quem faz parte, no último dia desse mês: deixe o dia de fora
SCHEDULE_DAY = { $day } não é um dia do mês: escreva de 1 a 31; em um mês que não o tenha, vale o último dia
SCHEDULE_DELAY = uma execução espera no máximo { $most } minutos entre a prévia e o fechamento
    .dry = um agendamento com prévia diz quantos minutos depois fecha, de 1 a { $most }; um sem prévia diz 0
SCHEDULE_RUN_CLOSES = a execução está fechando o ciclo: cancele o fechamento do ciclo
SCHEDULE_RUN_ENDED = a execução terminou: não há o que parar
SCHEDULE_MONTH_THERE = o mês já foi iniciado: ele pode ser iniciado de novo depois que a execução falhar ou for parada
SCHEDULE_MONTH_NOT_OVER = o mês ainda não terminou no fuso horário do agendamento: inicie-o depois
SCHEDULE_THERE = o agendamento { $schedule } diz o mesmo, e cada mês seria fechado duas vezes: altere aquele (UpdateSchedule) ou dê outro nome a este, se for essa a intenção
SCHEDULE_MAKER_MAY_NOT = quem gravou o agendamento por último não pode mais criar e fechar ciclos aqui: peça que alguém que possa o grave de novo (UpdateSchedule) e inicie este mês manualmente (BeginScheduleRun)
SCHEDULE_BEGAN = { $month } começou, previsto para { $due }
SCHEDULE_LEFT_OUT =
    { $months ->
        [one] { $months } mês anterior ficou para trás há mais de { $most } meses e não é fechado automaticamente: feche-o manualmente, se quiser
       *[other] { $months } meses anteriores ficaram para trás há mais de { $most } meses e não são fechados automaticamente: feche-os manualmente, se quiser
    }
SCHEDULE_LOOKED =
    prévia: { $people ->
        [one] { $people } pessoa faz parte
       *[other] { $people } pessoas fazem parte
    }, { $accounts ->
        [one] { $accounts } conta
       *[other] { $accounts } contas
    } com { $records ->
        [one] { $records } atendimento
       *[other] { $records } atendimentos
    } em torno do mês, { $findings ->
        [0] nada de anormal
        [one] { $findings } ocorrência ({ $kinds })
       *[other] { $findings } ocorrências ({ $kinds })
    }
    .everybody =
        prévia: todos do grupo fazem parte, { $accounts ->
            [one] { $accounts } conta
           *[other] { $accounts } contas
        } com { $records ->
            [one] { $records } atendimento
           *[other] { $records } atendimentos
        } em torno do mês, { $findings ->
            [0] nada de anormal
            [one] { $findings } ocorrência ({ $kinds })
           *[other] { $findings } ocorrências ({ $kinds })
        }
SCHEDULE_WAITS = nada é fechado antes de { $until }: pare a execução se algo precisar ser corrigido antes
SCHEDULE_WOULD_FAIL = do jeito que está, o fechamento será recusado: { $why }; o que chegar até lá conta
SCHEDULE_MAY_FAIL = do jeito que está, o fechamento será recusado se isso for creditado a alguém da unidade: { $why }; o que chegar até lá conta
SCHEDULE_AWAITS_RUN = aguarda uma execução de atribuição de { $from } a { $to } sobre esta unidade ou uma acima, iniciada depois que esses dias terminaram: inicie uma lá (StartAttributionRun) ou feche um ciclo lá
    .early = aguarda uma execução de atribuição de { $from } a { $to } sobre esta unidade ou uma acima: a mais nova, { $run }, começou antes que esses dias terminassem: inicie outra lá (StartAttributionRun)
    .differs = aguarda uma execução de atribuição de { $from } a { $to } sobre esta unidade ou uma acima: a mais nova, { $run }, tem outra política que a deste agendamento: inicie uma pela política do agendamento (StartAttributionRun) ou altere o agendamento (UpdateSchedule)
    .part = aguarda uma execução de atribuição de { $from } a { $to } sobre esta unidade ou uma acima: a mais nova, { $run }, é sobre uma parte do que se fecha: inicie uma sobre tudo (StartAttributionRun)
SCHEDULE_SCORES_FROM = pontua a partir da execução de atribuição { $run }
SCHEDULE_CLOSES = criou o ciclo { $cycle } e está fechando
    .again = fecha de novo o ciclo { $cycle }, que tinha falhado
SCHEDULE_DONE =
    fechado: { $people ->
        [one] { $people } pessoa tem boletim
       *[other] { $people } pessoas têm boletim
    }, de { $records ->
        [one] { $records } atendimento
       *[other] { $records } atendimentos
    } { $nobody ->
        [one] { $nobody } não é creditado a ninguém
       *[other] { $nobody } não são creditados a ninguém
    }, { $findings ->
        [one] { $findings } ocorrência
       *[other] { $findings } ocorrências
    }; confira e publique se estiver certo
SCHEDULE_FAILED = falhou: { $why }
SCHEDULE_AGAIN = iniciado de novo manualmente
SCHEDULE_STOPPED = parado manualmente
SCHEDULE_DELETED = parado, pois o agendamento foi excluído
SCHEDULE_CYCLE_CANCELLED = o fechamento do ciclo foi cancelado
OBSERVATION_WITHOUT_MEASURE = measure está vazio: informe o nome da métrica, como os modelos de avaliação a chamam
OBSERVATION_WITHOUT_SUBJECT = falta dizer a que se refere: informe uma pessoa, uma unidade, uma conta, uma loja ou uma campanha
    .id =
        o id da { $kind ->
            [person] pessoa
            [unit] unidade
           *[account] conta
        } não é um id: informe-o como as listas o mostram
OBSERVATION_SUBJECT_UNKNOWN =
    { $kind ->
        [person] nenhuma pessoa { $key } é conhecida: corrija ou importe-a primeiro
        [unit] não há unidade { $key } nesses dias nem agora, e ninguém jamais trabalhou nela: corrija a unidade, corrija os dias se ela foi encerrada antes deles, ou importe-a primeiro
        [account] nenhuma conta { $key } é conhecida: corrija ou importe-a primeiro
       *[store] nenhuma conta de uma loja { $key } é conhecida: corrija ou importe-a primeiro
    }
OBSERVATION_UNIT_CLOSED = a unidade { $unit } foi encerrada, e { $last } foi o último dia dela: termine os dias ali ou corrija a unidade
    .into = a unidade { $unit } foi encerrada, { $last } foi o último dia dela, e as pessoas foram para { $into }: termine os dias ali e envie para aquela unidade o que foi observado a partir daí
    .later = a unidade { $unit } começa em { $from }: corrija os dias ou a unidade
OBSERVATION_RESERVED = “{ $measure }” é observada pela própria suíte: deixe-a de fora ou dê outro nome à métrica
OBSERVATION_UNIT_NOT_HERE =
    unit_id diz quem conduz uma campanha, e isto é sobre { $kind ->
        [person] uma pessoa
        [unit] uma unidade
        [account] uma conta
       *[store] uma loja
    }: deixe-o de fora
OBSERVATION_WITHOUT_TIME = é preciso um instante (at) ou um primeiro dia e, se houver mais de um, um último (from, to): informe um dos dois
    .date = { $field } não é uma data: escreva-a como 2026-03-31
OBSERVATION_BACKWARDS = termina em { $to } antes de começar em { $from }: corrija um dos dois
OBSERVATION_TOO_LONG = é sobre { $from } a { $to }, e nenhuma observação é sobre mais de { $most } dias: corrija os dias
OBSERVATION_TIME_IMPLAUSIBLE = { $field } não está entre os anos { $first } e { $last }: confira o ano
OBSERVATION_WITHOUT_NUMBER = “{ $text }” não é um número decimal com no máximo seis casas: corrija-o
OBSERVATION_OUT_OF_RANGE = o valor passa de { $most } para mais ou para menos: confira a unidade
OBSERVATION_DIFFERENT = { $name } já existe com { $other } de { $source }, e aqui é { $value } de { $of }: envie com uma revisão mais alta, se é isto que vale
OBSERVATION_WITHDRAWN = { $name } foi retirada ({ $why }): deixe-a de fora ou envie uma revisão mais alta para trazê-la de volta
SCHEME_WITHOUT_INDICATORS = é preciso pelo menos um indicador
NAME_TWICE = “{ $name }” aparece duas vezes
WEIGHTS_NOT_HUNDRED = os pesos somam { $sum }, não 100: altere-os para que somem exatamente 100
WEIGHT_NOT_POSITIVE = { $weight } não é maior que zero: deixe o indicador de fora
MEASURE_TOO_LARGE = a métrica “{ $column }” do atendimento { $record } de { $account } é { $value }, grande demais para calcular: no máximo 9000000000000 para mais ou para menos; corrija o atendimento ou retire o indicador do modelo de avaliação
    .row = { $text } é grande demais para calcular: no máximo { $most } para mais ou para menos
MEASURE_TOO_LARGE_CURE = corrija o número ou retire de scheme.yaml o indicador que mede a coluna
MEASURE_UNKNOWN = “{ $measure }” não é uma métrica nativa (credited_records, first_reply_within_30s, resolved, rating_at_least_4, amount) nem uma coluna numérica dos atendimentos
BOUNDS_OF_NOTHING = o modelo de avaliação não tem o indicador “{ $kpi }”: escreva a chave de um dos dele
BOUNDS_BACKWARDS = o mínimo, { $min }, está acima do máximo, { $max }: troque-os
BOUNDS_WITHOUT_OWN = o próprio modelo de avaliação tem { $own }, que não está entre { $min } e { $max }: amplie os limites para que esteja
BOUNDS_EXTRA = { $most } não está acima de 0 e abaixo de 100
REFINED_BEYOND = { $value } está fora do que o padrão “{ $standard }” permite: de { $min } a { $max }
    .target = o padrão “{ $standard }” permite um número de { $min } a { $max }
REFINED_FIXED = o padrão “{ $standard }” fixa isto: escreva o que ele tem
    .value = o padrão “{ $standard }” fixa { $fixed }, não { $value }
REFINED_DEFINITION = o padrão “{ $standard }” fixa o que é “{ $measure }”: copie a definição dele como está
    .column = o padrão “{ $standard }” tira “{ $measure }” da coluna com esse nome: dê outro nome à definição
    .extra = o padrão “{ $standard }” permite “{ $measure }” como o catálogo a define: deixe a definição de fora, e ela é copiada de lá
REFINED_MEASURE = “{ $kpi }” do padrão “{ $standard }” mede { $measure }: meça isso ou dê a este indicador uma chave própria
WEIGHT_BOUND_TWICE = informe weight, com from e to, ou weight_within, que é quanto a mais ou a menos: não os dois
WEIGHT_BOUND_BELOW_0 = quanto a mais ou a menos se informa com um número igual ou maior que 0
WEIGHT_BOUND_TOO_LARGE = isto é mais do que se pode calcular: informe no máximo 100
REFINED_LEFT_OUT = falta “{ $kpi }”, e o padrão “{ $standard }” não permite deixá-lo de fora
REFINED_EXTRA = “{ $kpi }” não é um indicador do padrão “{ $standard }”, que não permite outros além dos seus
REFINED_EXTRA_MEASURE = “{ $measure }” não está entre o que os indicadores além dos do padrão “{ $standard }” podem medir: { $measures }
REFINED_EXTRA_SHARE = os indicadores além dos do padrão “{ $standard }” pesam { $sum }, e ele permite no máximo { $most } no conjunto
SCHEME_PARENT_NOT_ABOVE = um modelo de avaliação refina um do grupo ou de uma unidade acima da sua: indique um assim, ou nenhum
SCHEME_WITHDRAWN = o modelo de avaliação “{ $name }” está fora de uso a partir de { $from }: use outro ou escreva um com outro nome
    .version = a versão { $version } de “{ $name }” está fora de uso a partir de { $from }: use outra versão
    .version_none = a versão { $version } de “{ $name }” está fora de uso a partir de { $from }, e nenhuma outra versão está em uso nessa data: use outro modelo de avaliação ou peça que escrevam uma nova versão
    .version_for = a versão { $version } de “{ $name }” está fora de uso a partir de { $from }: use a versão { $instead }
    .parent = a versão de “{ $name }” que o modelo de avaliação refina está fora de uso desde { $from }: refine outra versão ou outro modelo de avaliação
    .parent_none = a versão de “{ $name }” que o modelo de avaliação refina está fora de uso desde { $from }, assim como todas as outras: refine outro modelo de avaliação, ou nenhum
    .parent_for = a versão de “{ $name }” que o modelo de avaliação refina está fora de uso desde { $from }: refine a versão { $version }
SCHEME_WITHDRAWN_ALREADY = já está fora de uso a partir de { $from }
SCHEME_NOT_INSTEAD = a versão { $version } não pode ser usada no lugar dela: indique outra versão em uso do modelo de avaliação, e só quando uma única versão sai de uso
SCHEME_IMPORTED = o modelo de avaliação veio de { $region } e é escrito lá: altere-o lá e importe o arquivo de novo
SCHEME_OF_A_UNIT = o modelo de avaliação é de uma unidade e fica na região dela: exporte um modelo do grupo
STANDARD_DIFFERS = a versão { $version } de “{ $name }” existe aqui com outro conteúdo: versões nunca mudam, portanto pergunte à instalação que o escreve qual está certa
    .withdrawal = “{ $name }” está fora de uso aqui a partir de outro dia: pergunte à instalação que o escreve qual está certo
STANDARD_NOT_FROM = o modelo de avaliação não é escrito pela instalação de { $region }: importe o arquivo da instalação que o escreve
SCHEME_NAME_TAKEN = o grupo tem aqui outro modelo de avaliação com o nome “{ $name }”: dê outro nome ao padrão onde ele é escrito
SCHEME_NAME_UNKNOWN = o grupo não tem aqui nenhum modelo de avaliação com o nome “{ $name }”: ListSchemes mostra os nomes
STANDARD_IMPORTED = “{ $name }” de { $region }: a versão { $version } é a mais nova, { $written } novas, { $unchanged } sem mudança
STANDARD_MANDATORY = aqui um modelo de avaliação deve refinar um dos padrões obrigatórios: indique um deles como superior: { $standards }
TARGET_MISSING = é preciso um número ou team_median
TARGET_NOT_POSITIVE = { $target } não é maior que zero
FLOOR_NOT_BELOW_CAP = o piso { $floor } não está abaixo do teto { $cap }
SMALL_SAMPLE_NOT_HERE = só taxas e médias podem ser aproximadas da média geral
QUOTAS_NOT_WHOLE = as cotas devem somar exatamente 1000000 milionésimos
BANDS_OUT_OF_ORDER = escreva as bandas da melhor para a pior, sem que uma pior tenha mais pontos
BANDS_NOT_HERE = bandas só cabem em forced_distribution
GRADES_OUT_OF_ORDER = escreva os conceitos do melhor para o pior, cada um com um min_score menor
GRADES_MIXED = dê a todo conceito um min_score, ou a todo conceito uma cota
MEASURE_OF_EXPECTED = diga de onde a métrica é tirada: record, observation, ratio, sum, repeat, trend ou team
AGGREGATION_EXPECTED = diga como os valores viram um só, com uma agregação que esta versão conheça
OBSERVED_OF_EXPECTED = diga do que ela é observada: de uma pessoa, uma unidade, uma conta, uma loja ou uma campanha
MEASURES_DEFINED_TOO_MANY = um modelo de avaliação define no máximo { $most } métricas: deixe de fora as que nenhum indicador usa
MEASURE_BUILT_IN = “{ $name }” é uma métrica nativa: dê outro nome à definição
MEASURE_VALID_BACKWARDS = o primeiro dia, { $from }, vem depois do último, { $to }: troque-os
MEASURE_VALUE_MISSING = é preciso um valor dos atendimentos: first_reply_seconds, duration_seconds, resolved, rating, amount ou uma coluna de números
MEASURE_OF_RESOLVED = resolved é sim ou não: use a proporção dele ou conte os atendimentos
MEASURE_COLUMN_UNKNOWN = “{ $column }” não é uma coluna numérica dos atendimentos
MEASURE_TEST_MISSING = é preciso um limiar: at_most, at_least, below, above ou equal
MEASURE_TEST_NOT_HERE = um limiar cabe em uma proporção, ou em uma contagem de atendimentos ou clientes por um valor: deixe-o de fora
MEASURE_HOURS_EMPTY = as horas começam e terminam no mesmo horário: deixe-as de fora para contar o dia todo
MEASURE_HOURS_NOT_HERE = só segundos podem ser contados dentro de horas, os de first_reply_seconds ou duration_seconds: conte atendimentos que comecem nelas
MEASURE_SESSION_TOO_LONG = uma sessão tem pausas de no máximo { $most } minutos
MEASURE_SESSION_NOT_HERE = uma soma usa todos os atendimentos, e clientes já são contados uma só vez: deixe a sessão de fora
MEASURE_ADDS_NOT_UP = “{ $measure }” não é contagem nem soma, portanto não pode ser dividida nem dividir: indique uma métrica que possa ser somada
MEASURE_SUM_EMPTY = é preciso pelo menos uma métrica para somar
MEASURE_FACTOR_ZERO = um fator 0 elimina a métrica: deixe-a de fora
MEASURE_COUNT_EXPECTED = “{ $measure }” não é uma contagem de atendimentos definida pelo modelo de avaliação: uma repetição é procurada entre atendimentos
MEASURE_DAYS_BEYOND = uma repetição é procurada em 1 a { $most } dias
MEASURE_PART_UNKNOWN = “{ $measure }” não está definida no modelo de avaliação nem é nativa: defina-a também ou corrija o nome
MEASURE_OF_ITSELF = “{ $measure }” é calculada a partir de si mesma: retire-a daquilo de que é calculada
MEASURE_NAME_RESERVED = nomes que começam com “{ $prefix }” são das métricas que todos têm: escolha outro nome
MEASURE_NAME_TAKEN = já existe uma métrica com o nome “{ $name }”: altere aquela ou escolha outro nome
MEASURE_NAME_FIXED = a métrica se chama “{ $name }” e continua assim: defina outra com o novo nome e tire esta de uso
MEASURE_RETIRED = fora de uso no catálogo: { $measures }. Indique outra métrica, defina uma com esse nome no próprio modelo de avaliação ou coloque-a de novo em uso (UpdateMeasure)
MEASURE_RETIRED_ALREADY = “{ $name }” já está fora de uso
MEASURE_NEEDED = outras métricas do catálogo são calculadas a partir de “{ $name }” e deixariam de ser válidas: altere ou tire de uso estas primeiro: { $by }
SUPPLIED_MEASURE =
    { $key ->
        [first_reply_seconds] Segundos até a primeira resposta
        [presale_first_reply_within_30s] Primeira resposta em até 30 s na pré-venda
        [aftersale_resolved] Resolvidos no pós-venda
        [handling_seconds] Segundos de uma conversa
        [rating] Nota do cliente
        [solved] Atendimentos resolvidos
        [customers] Clientes
        [buyers] Clientes que compraram
        [orders] Pedidos
        [presale_records] Atendimentos de pré-venda
        [conversion] Conversão
        [order_value] Valor por pedido
        [repeat_purchase_30d] Recompra em até 30 dias
        [second_conversion_7d] Conversão em até 7 dias após o primeiro contato
        [complaints] Reclamações
        [complaint_rate] Taxa de reclamações
       *[other] { $key }
    }
SCHEME_TEMPLATE_UNKNOWN = não há modelo de avaliação pronto com o nome “{ $name }”: escolha um de { $names }
TEMPLATE_TITLE =
    { $name ->
        [agent] Atendentes
        [operations] Operação de lojas
       *[service-manager] Gestores de atendimento
    }
TEMPLATE_ABOUT =
    { $name ->
        [agent] Para quem atende clientes: trabalho feito, primeira resposta, resolvidos, nota do cliente, conversão, monitoria de qualidade e pontualidade
        [operations] Para quem conduz lojas: visitantes, conversão, vendas de campanhas, custo por pedido e crescimento, tudo observado; não são necessários atendimentos
       *[service-manager] Para quem lidera atendentes, em quatro dimensões: qualidade do atendimento, equipe, negócio e inovação
    }
NOBODY_TO_SCORE = não há ninguém a pontuar: o período não contém nenhum atendimento creditado
PERSON_TWICE = a pessoa { $person } aparece duas vezes
SCHEME_WITHOUT_DATA = nenhum indicador pôde ser pontuado para ninguém, pois não há dados ou a mediana que seria a meta não é maior que zero (cada boletim diz qual dos casos)
SCHEME_WITHOUT_DATA_CURE = escolha indicadores e metas que combinem com os atendimentos
MEASURE_NOT_SENT =
    ninguém tem dados de “{ $measure }”, portanto o indicador dela não conta para ninguém: { $what ->
        [records] não há atendimento dos tipos e horas que ela considera
        [known] envie { $column } com os atendimentos
       *[column] envie a coluna { $column } com os atendimentos
    }
    .observation = ninguém tem dados de “{ $measure }”, portanto o indicador dela não conta para ninguém: envie observações dela para o período
    .past = ninguém tem um valor anterior de “{ $of }”, portanto o indicador de “{ $measure }” não conta para ninguém: ele conta quando um ciclo anterior deste modelo de avaliação, sobre um período de mesma duração, estiver publicado
    .team = ninguém tem dados de “{ $measure }”, portanto o indicador dela não conta para ninguém: em nenhuma equipe liderada há alguém com dados de { $of }
OBSERVATIONS_BEYOND_PERIOD =
    { $count ->
        [one] uma observação de “{ $measure }” ultrapassa
       *[other] { $count } observações de “{ $measure }” ultrapassam
    } o período de { $from } a { $to } e { $count ->
        [one] não conta
       *[other] não contam
    }: uma observação conta em um período que contenha todos os dias dela
OBSERVATIONS_UNREAD =
    { $count ->
        [one] uma observação de “{ $measure }” no período não conta
       *[other] { $count } observações de “{ $measure }” no período não contam
    }: nenhum indicador deste modelo de avaliação lê a métrica, e nenhum de outro modelo em uso
    .near =
        { $count ->
            [one] uma observação de “{ $measure }” no período não conta
           *[other] { $count } observações de “{ $measure }” no período não contam
        }: nenhum indicador deste modelo de avaliação lê a métrica, e nenhum de outro modelo em uso (seria { $near }?)
INDICATOR_TOO_LARGE = o indicador { $indicator } não conta para ninguém, pois o número de { $people } é grande demais para calcular
    .apart = o indicador { $indicator } não conta para ninguém, pois os números dele estão distantes demais entre si para calcular
INDICATOR_TOO_LARGE_CURE = confira a moeda e a unidade dos valores e das métricas ou retire o indicador de scheme.yaml
NUMBER_TOO_LARGE = a pontuação da pessoa { $person } é grande demais para calcular: veja os pisos e tetos do modelo de avaliação
    .grades = as cotas dos conceitos são grandes demais para calcular: diminua-as
    .unit = os números da unidade { $unit } são grandes demais para calcular: veja os boletins das pessoas dela
    .pool = o dinheiro ou as participações da verba são grandes demais para calcular: veja o valor e a regra
    .part = os pesos da parte { $place } da verba são grandes demais para calcular: veja as pontuações e a regra
    .person = a pontuação da pessoa { $person } é grande demais para calcular na parte { $place } da verba: veja a pontuação e a regra
CARD_MEASURE =
    { $measure ->
        [credited_records] Atendimentos creditados
        [first_reply_within_30s] Primeira resposta em até 30 s
        [resolved] Resolvidos
        [rating_at_least_4] Nota do cliente de pelo menos 4 de 5
        [amount] Valor das vendas
       *[other] { $kpi }
    }
CARD_DEFINED = { $name } ({ $what })
CARD_VALUE =
    { $kind ->
        [records]
            { $value ->
                [one] { $value } atendimento
               *[other] { $value } atendimentos
            }
        [customers]
            { $value ->
                [one] { $value } cliente
               *[other] { $value } clientes
            }
        [percent] { $value }%
        [own] { $value } { $unit }
        [standard]
            { $value } { $unit ->
                [points]
                    { $value ->
                        [one] ponto
                       *[other] pontos
                    }
               *[currency] { $unit }
            }
       *[bare] { $value }
    }
CARD_LINE_DROPPED =
    { $name }: { $why ->
        [nobody] ninguém tem dados no período, portanto o indicador sai para todos
        [person] não há dados desta pessoa, portanto o indicador sai aqui
        [too_large] o número é grande demais para calcular, portanto o indicador sai para todos
        [past] esta pessoa não tem um valor anterior diferente de 0 para comparar, portanto o indicador sai aqui
        [too_large_elsewhere] o número de outra pessoa é grande demais para calcular, ou os números do conjunto estão distantes demais entre si, portanto o indicador sai para todos
       *[target] a mediana que seria a meta dele não é maior que zero, portanto o indicador sai
    }, e o peso dele, de { $weight }, é distribuído proporcionalmente entre os outros indicadores.
CARD_AGAINST = { $value } frente a { $past }
CARD_PAST = { $measure }: { $values }
CARD_PAST_VALUE = { $value } de { $from } a { $to }
CARD_LINE_NOT_SCORED = { $name }: não pontuado.
CARD_LINE =
    { $name }: { $measured }{ $filled }; { $points }{ $limit ->
        [cap] { " " }(o teto)
        [floor] { " " }(o piso)
       *[none] { "" }
    }; vezes o peso de { $weight }%{ $spread ->
        [yes] { " " }({ $scheme_weight } no modelo de avaliação, mais uma parte do que deixaram os indicadores que saíram)
       *[no] { "" }
    } dá { $weighted }.
CARD_MEASURED =
    { $value } em { $records ->
        [one] { $records } atendimento
       *[other] { $records } atendimentos
    }
CARD_NOT_MEASURED = não medido
CARD_SMALL_SAMPLE = ; abaixo de { $below } atendimentos, os que faltam contam como a média ({ $group }), o que dá { $adjusted }
CARD_POINTS_BY_TARGET =
    em relação à meta de { $target } ({ $basis ->
        [scheme] definida pelo modelo de avaliação
        [team] mediana das { $people } pessoas da equipe
       *[group] mediana de todas as { $people } pessoas, pois a equipe é pequena demais
    }), isso dá { $points ->
        [one] { $points } ponto
       *[other] { $points } pontos
    }
CARD_POINTS_BY_PLACE =
    { $by ->
        [target] pela meta
        [min_max] pelo lugar entre o pior e o melhor do conjunto
        [percentile] pelo percentual do conjunto que não é melhor
        [t_score] pela distância da média do conjunto em desvios padrão
       *[band] pela banda do lugar no conjunto
    }, isso dá { $points ->
        [one] { $points } ponto
       *[other] { $points } pontos
    }
CARD_CHANGE =
    { $kind ->
        [rate_more] { $step } ponto percentual a mais
        [rate_less] { $step } ponto percentual a menos
        [records_more] { $step } atendimento creditado a mais
        [records_fewer] { $step } atendimento creditado a menos
        [more] { $amount } a mais
       *[less] { $amount } a menos
    }
CARD_NEXT =
    { $effect ->
        [capped] { $change } não acrescentaria nada: o teto foi atingido.
        [nothing] { $change }, por si só, não acrescentaria nada.
       *[points]
            { $change } acrescentaria { $gain ->
                [one] { $gain } ponto
               *[other] { $gain } pontos
            }.
    }
CARD_SUMMARY = Pontuação { $score }, posição { $rank } de { $of }{ $grade }{ $collaboration }.
CARD_GRADE = , conceito { $grade }
CARD_COLLABORATION = ; { $points } dela por colaboração: { $outside } de { $credited } atendimentos foram fora da própria escala ou equipe
DEFINED =
    { $what }{ $few ->
        [yes] , de pelo menos { $min_count }
       *[no] { "" }
    }{ $valid ->
        [between] , de { $from } a { $to }
        [from] , a partir de { $from }
        [to] , até { $to }
       *[ever] { "" }
    }
DEFINED_RECORDS =
    { $aggregation ->
        [mean] a média de { $value }
        [sum] a soma de { $value }
        [share] o percentual de atendimentos com { $value } { $test }
        [count] o número de atendimentos
        [count_of] o número de atendimentos com { $value } { $test }
        [distinct] o número de clientes
       *[distinct_of] o número de clientes de atendimentos com { $value } { $test }
    }{ $kinds }{ $hours }{ $session }
DEFINED_VALUE =
    { $value ->
        [first_reply_seconds] segundos até a primeira resposta
        [duration_seconds] segundos do início ao fim
        [resolved] problema resolvido
        [rating] nota do cliente
        [amount] valor de vendas
       *[column] { $value }
    }
DEFINED_GIVEN = de qualquer valor
DEFINED_TEST =
    { $is ->
        [at_most] de no máximo { $threshold }
        [at_least] de no mínimo { $threshold }
        [below] abaixo de { $threshold }
        [above] acima de { $threshold }
       *[equal] igual a { $threshold }
    }
DEFINED_KINDS = , do tipo { $kinds }
DEFINED_HOURS =
    , { $counts ->
        [begun] iniciados
       *[inside] contando o tempo
    } das { $from } às { $to }
DEFINED_SESSION =
    , o primeiro de cada sessão com pausas de no máximo { $minutes ->
        [one] { $minutes } minuto
       *[other] { $minutes } minutos
    }
DEFINED_OBSERVATION =
    { $aggregation ->
        [sum] a soma
        [mean] a média
       *[last] o último valor
    } do que foi observado { $subject ->
        [person] da pessoa
        [unit] da unidade organizacional
        [account] da conta
        [store] da loja
       *[campaign] da campanha
    }
DEFINED_RATIO =
    { $of } / { $per }{ $percent ->
        [yes] { " " }em percentual
       *[no] { "" }
    }
DEFINED_SUM = a soma de { $parts }
DEFINED_PART = { $factor } × { $of }
DEFINED_REPEAT =
    o percentual de { $of } cujo cliente teve { $after } até { $days ->
        [one] { $days } dia
       *[other] { $days } dias
    } antes
DEFINED_TREND = em quantos por cento { $of } difere do próprio passado da pessoa
DEFINED_TEAM =
    { $aggregation ->
        [mean] a média de { $of } na equipe conforme a composição de cada dia
        [share] o percentual da equipe, conforme a composição de cada dia, com { $of } { $test }
       *[sum] a soma de { $of } na equipe conforme a composição de cada dia
    }
CARD_CHANGED = Antes: { $before } Agora: { $after }
CARD_CAME = Agora há um boletim: { $after }
CARD_WENT = Não há mais boletim. Antes: { $before }
CARD_CREDITED_CHANGED = Atendimentos creditados: { $before } antes; { $after } agora.
CARD_LINE_CHANGED = { $name }: { $before } antes; { $after } agora.
CARD_LINE_CAME = { $name }: agora conta: { $after }.
CARD_LINE_WENT = { $name }: não conta mais: { $before } antes.
CARD_STANDING =
    { $measured }, { $points ->
        [one] { $points } ponto
       *[other] { $points } pontos
    }, com peso de { $weight }% { $weighted }
    .dropped = { $measured }, não pontuado
CARD_WORKED_OUT_ANEW = A pontuação é a mesma; foi recalculada a partir de outros números.
LADDER_REFUND = { $refund } é um reembolso de { $sale }: tem o crédito daquele atendimento e reduz o valor dele
LADDER_BEGAN =
    Começou em { $at } em { $account }, { $phase ->
        [shared] uma conta compartilhada nesse dia
        [mixed] nesse dia em transição de compartilhada para nominal
       *[named] uma conta nominal nesse dia
    }.
LADDER_TAG_NONE = Identificação: a plataforma não indicou ninguém.
LADDER_TAG_UNKNOWN = Identificação: a plataforma indicou “{ $agent }”, que nesse dia não é ninguém com vínculo ou é mais de uma pessoa.
LADDER_TAG = Identificação: a plataforma indicou “{ $agent }”, que é { $person }: o atendimento é dessa pessoa.
LADDER_NAMED_WITHOUT = Em uma conta nominal só contam identificações e passagens, e não houve nenhuma das duas: não creditado a ninguém.
LADDER_DUTY_NONE = Serviço: ninguém ocupava a conta nem estava em serviço nesse horário.
LADDER_DUTY = Serviço: { $list }.
LADDER_DUTY_ANSWERED = Serviço no momento da resposta: { $list }.
    .unheld = Serviço: ninguém ocupava a conta nem estava em serviço quando começou; no momento da resposta: { $list }.
LADDER_ON_DUTY =
    { $person } { $rule ->
        [handover] ocupava a conta por passagem
        [roster] estava na escala dela
        [punch] tinha marcado entrada e é da equipe dela
       *[team] é da equipe dela
    }, de { $from } a { $to } [{ $evidence }]
LADDER_SHARES = { $before }, { $share }
LADDER_BY_SESSION = Outro atendimento da mesma sessão do cliente indica o atendente, portanto este o acompanha: { $shares }.
LADDER_BY_TAG = Creditado por identificação: { $shares }.
LADDER_BY_HANDOVER = Uma pessoa ocupava a conta por passagem: { $shares }.
LADDER_SOLE = Uma pessoa estava em serviço: { $shares }.
LADDER_INFERRED = Várias pessoas estavam em serviço; quem estava ocupado com outros atendimentos, e como cada uma trabalha, as distingue: { $shares }.
LADDER_EQUAL = Várias pessoas estavam em serviço e há pouco para distingui-las, portanto dividem por igual: { $shares }.
LADDER_TEAM = Não há nenhuma evidência de serviço para a conta, portanto a equipe dela divide: { $shares }.
LADDER_NOBODY = Portanto não é creditado a ninguém.
LADDER_CONTRIBUTORS = Participantes: { $list }.
LADDER_CONTRIBUTOR =
    { $role ->
        [first_answer] respondeu primeiro
        [closer] fechou a venda
       *[after_sales] atendeu no pós-venda
    }: “{ $agent }”, que é { $person }
LADDER_CONTRIBUTOR_UNKNOWN =
    { $role ->
        [first_answer] respondeu primeiro
        [closer] fechou a venda
       *[after_sales] atendeu no pós-venda
    }: “{ $agent }”, que nesse dia não é ninguém com vínculo ou é mais de uma pessoa
LADDER_SPLIT = Creditado por papel, como diz a regra “{ $version }”: primeira resposta { $first_answer }, fechamento { $closer }, pós-venda { $after_sales }; a parte de um papel que ninguém teve vai proporcionalmente para os outros: { $shares }.
LADDER_BY_SPLIT = Creditado por papel: { $shares }.
LADDER_BY_CLAIM = Reivindicado com um clique: { $shares }.
LADDER_CLICKED = { $person } clicou em { $at }.
LADDER_BY_DEVICE = Atendido no dispositivo { $device }, que então era de uma só pessoa: { $shares }.
LADDER_BY_REPLIES = Várias pessoas estavam em serviço, cada uma com várias conversas ao mesmo tempo; os horários das respostas as distinguem: { $shares }.
LADDER_BY_TAG_SHARE = Várias pessoas estavam em serviço, cada uma com várias conversas ao mesmo tempo; dividem como os atendimentos próximos no tempo que indicam o atendente: { $shares }.
LADDER_NOT_SPLIT = A política não dá parte aos papéis indicados: o atendimento é creditado como se não indicasse participantes.
LADDER_WORTH = Nesta conta espera-se que cerca de { $now } dos atendimentos sejam creditados a outra pessoa; com as pausas marcadas, cerca de { $breaks }; com dispositivos em 30% das respostas, cerca de { $devices }; com metade dos atendimentos reivindicada, cerca de { $claims }. É o esperado pelas dúvidas deste mês, não uma promessa.
WHY = { $first } ({ $part }%) e não { $second } ({ $rest }%): { $what }.
WHY_AGAINST =
    { $why } { $sign ->
        [hands] A pausa desde a última resposta apontava para { $second }.
        [thread] A conversa até ali apontava para { $second }.
        [profile] O tipo de resposta apontava para { $second }.
       *[device] O dispositivo apontava para { $second }.
    }
WHY_SOMEBODY = outra pessoa
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
        [one] { $count } dia
       *[other] { $count } dias
    }
WHY_HANDS = { $one }, { $other }
    .short = { $one }, { $other }, tempo que mal dá para outra resposta
    .usual = { $one }, { $other }, e uma pausa assim é mais comum em { $first }
WHY_WROTE = { $who } tinha respondido pela última vez { $pause } antes
WHY_NOT_YET = { $who } tinha entrado em serviço { $pause } antes e ainda não tinha respondido
WHY_THREAD = { $first } provavelmente tinha respondido a este cliente { $pause } antes
WHY_PROFILE = { $first } responde a clientes que esperaram { $wait } com mais frequência que { $second }
    .first = { $first } dá a primeira resposta a clientes que esperaram { $wait } com mais frequência que { $second }
    .again = { $first } escreve de novo { $wait } depois de uma resposta, sem nova mensagem do cliente, com mais frequência que { $second }
    .unasked = { $first } escreve a clientes que ainda não escreveram com mais frequência que { $second }
WHY_WAIT =
    { $class ->
        [0] menos de 5 minutos
        [1] de 5 a 20 minutos
        [2] de 20 a 60 minutos
        [3] de 1 a 4 horas
        [4] de 4 a 24 horas
       *[other] mais de um dia
    }
WHY_DEVICE = o dispositivo em que foi escrito é de { $first }
    .same = { $first } provavelmente já tinha escrito no mesmo dispositivo
WHY_DUTY = das { $all } respostas, { $first } estava em serviço em { $count }, { $second } em { $other }
WHY_NAMES = dos atendimentos em uma hora que indicam o atendente e em que estavam em serviço, { $first } tem { $count } de { $all } e { $second } { $other } de { $others }
    .all = dos atendimentos da conta que indicam o atendente e em que estavam em serviço, { $first } tem { $count } de { $all } e { $second } { $other } de { $others }
WHY_TOGETHER = nenhum sinal decide sozinho, e sim todas as respostas ao redor em conjunto
WHY_TOO_FEW_REPLIES = Nada os distingue: poucos atendimentos da conta têm horários de respostas com que aprender.
WHY_TOO_DENSE = Nada os distingue: nesta conta as respostas vêm próximas demais para que bastem os horários, e poucos atendimentos têm nome, são reivindicados ou escritos em dispositivos conhecidos.
WHY_CLOCK_WITHOUT_SECONDS = Nada os distingue: os horários das respostas da conta não têm segundos confiáveis.
WHY_NO_REPLY_TIMES = Nada os distingue: cada um pode manter várias conversas ao mesmo tempo, e não se conhece nenhuma resposta a esta que tenha sido escrita enquanto estavam em serviço.
CREDIT_ACCOUNT_UNKNOWN =
    { $records ->
        [one] { $records } atendimento de uma conta que o controle de ponto não conhece foi deixado de fora
       *[other] { $records } atendimentos de uma conta que o controle de ponto não conhece foram deixados de fora
    }
CREDIT_UNKNOWN_AGENT =
    { $records ->
        [one] { $records } atendimento indica o atendente “{ $agent }”, que nesse dia não é ninguém com vínculo ou é mais de uma pessoa: conta como sem nome
       *[other] { $records } atendimentos indicam o atendente “{ $agent }”, que nesses dias não é ninguém com vínculo ou é mais de uma pessoa: contam como sem nome
    }
CREDIT_NO_EVIDENCE =
    nenhuma escala, marcação ou passagem: a equipe divide { $records ->
        [one] { $records } atendimento
       *[other] { $records } atendimentos
    }
CREDIT_NOBODY_ON_DUTY =
    { $records ->
        [one] { $records } atendimento chegou enquanto ninguém estava em serviço: não creditado a ninguém
       *[other] { $records } atendimentos chegaram enquanto ninguém estava em serviço: não creditados a ninguém
    }
CREDIT_TAG_OFF_DUTY =
    { $records ->
        [one] { $records } atendimento indica { $person }, que não estava em serviço: vale o nome
       *[other] { $records } atendimentos indicam { $person }, que não estava em serviço: vale o nome
    }
CREDIT_NAMED_WITHOUT_AGENT =
    { $records ->
        [one] { $records } atendimento de uma conta nominal não indica ninguém: só é creditado por passagem
       *[other] { $records } atendimentos de uma conta nominal não indicam ninguém: só são creditados por passagem
    }
CREDIT_MIXED_WITHOUT_TAG =
    { $records ->
        [one] { $records } atendimento de uma conta mista não indica ninguém: creditado como em uma compartilhada
       *[other] { $records } atendimentos de uma conta mista não indicam ninguém: creditados como em uma compartilhada
    }
CONTRIBUTOR_UNKNOWN =
    { $records ->
        [one] { $records } participação é de “{ $agent }”, que nesse dia não é ninguém com vínculo ou é mais de uma pessoa: a parte vai para os outros participantes
       *[other] { $records } participações são de “{ $agent }”, que nesses dias não é ninguém com vínculo ou é mais de uma pessoa: as partes vão para os outros participantes
    }
CREDIT_CONTRIBUTOR_OFF_DUTY =
    { $records ->
        [one] { $records } atendimento indica como participante { $person }, que não estava em serviço quando ele começou
       *[other] { $records } atendimentos indicam como participante { $person }, que não estava em serviço quando eles começaram
    }: vale o nome
CREDIT_CONTRIBUTORS_NOT_SPLIT =
    { $records ->
        [one] { $records } atendimento indica participantes, e a política não dá parte aos papéis deles: eles ficam guardados, e o atendimento é creditado como se não indicasse nenhum
       *[other] { $records } atendimentos indicam participantes, e a política não dá parte aos papéis deles: eles ficam guardados, e os atendimentos são creditados como se não indicassem nenhum
    }
CREDIT_TOO_FEW_TO_INFER =
    { $records ->
        [one] { $records } atendimento teve várias pessoas em serviço, pouco para inferir: dividido por igual
       *[other] { $records } atendimentos tiveram várias pessoas em serviço, poucos para inferir: divididos por igual
    }
CREDIT_DID_NOT_SETTLE =
    a inferência sobre { $records ->
        [one] { $records } atendimento não se estabilizou: dividido por igual
       *[other] { $records } atendimentos não se estabilizou: divididos por igual
    }
CREDIT_SEVERAL_AT_ONCE =
    { $records ->
        [one] { $records } atendimento teve várias pessoas em serviço que mantêm várias conversas ao mesmo tempo: dividido por igual
       *[other] { $records } atendimentos tiveram várias pessoas em serviço que mantêm várias conversas ao mesmo tempo: divididos por igual
    }
CREDIT_TOO_FEW_REPLIES =
    { $records ->
        [one] { $records } atendimento com horários de respostas é pouco
       *[other] { $records } atendimentos com horários de respostas são poucos por pessoa
    } para distinguir quem mantém várias conversas ao mesmo tempo: divisão por igual entre quem estava em serviço em cada resposta
CREDIT_REPLIES_TOO_DENSE =
    { $records ->
        [one] { $records } atendimento é
       *[other] { $records } atendimentos são
    } de uma conta em que as respostas vêm tão próximas que só os horários não distinguem as pessoas, e em menos de um décimo das respostas algo diz de quem elas são: divisão por igual entre quem estava em serviço em cada resposta
CREDIT_EVIDENCE_UNEVEN =
    { $records ->
        [one] { $records } atendimento não diz de quem é
       *[other] { $records } atendimentos não dizem de quem são
    }, em uma conta em que a proporção assinada, reivindicada ou escrita em dispositivos conhecidos varia muito de pessoa para pessoa, e a menor é a de { $person }: ponderação pelo que cada um deixa sem identificar
    .equal =
        { $records ->
            [one] { $records } atendimento não diz de quem é
           *[other] { $records } atendimentos não dizem de quem são
        }, em uma conta em que a proporção reivindicada ou escrita em dispositivos conhecidos varia muito de pessoa para pessoa, e a menor é a de { $person }: divisão por igual, o que é pouco para { $person } se trabalha tanto quanto os outros
CREDIT_CLOCK_WITHOUT_SECONDS =
    mais de um décimo das respostas a { $records ->
        [one] { $records } atendimento está
       *[other] { $records } atendimentos está
    } em um minuto exato, portanto o relógio delas não é confiável: divisão por igual entre quem estava em serviço em cada resposta
CREDIT_CLAIM_OFF_DUTY =
    { $person } reivindicou { $records ->
        [one] { $records } conversa sem estar em serviço: a reivindicação não conta
       *[other] { $records } conversas sem estar em serviço: as reivindicações não contam
    }
CREDIT_CLAIM_WITHOUT_RECORD =
    { $person } reivindicou { $records ->
        [one] { $records } conversa da qual não há atendimento: a reivindicação não conta
       *[other] { $records } conversas das quais não há atendimento: as reivindicações não contam
    }
CREDIT_CLAIMS_DIFFER =
    { $person } reivindicou { $record } em { $at }, e { $second } já o tinha reivindicado em { $before }: nenhuma das reivindicações decide{ $more ->
        [0] { "" }
        [one] . O mesmo ocorre com mais { $more } atendimento desse dia
       *[other] . O mesmo ocorre com mais { $more } atendimentos desse dia
    }
    .tag =
        { $person } reivindicou { $record } em { $at }, e a plataforma indicou { $second } para ele: vale o nome{ $more ->
            [0] { "" }
            [one] . O mesmo ocorre com mais { $more } atendimento desse dia
           *[other] . O mesmo ocorre com mais { $more } atendimentos desse dia
        }
CREDIT_DEVICE_OFF_DUTY =
    o dispositivo { $device } de { $person }, que não estava em serviço, foi usado { $records ->
        [one] uma vez
       *[other] { $records } vezes
    }: não conta
    .there =
        o dispositivo { $device } de { $person }, que então estava em serviço em { $place }, foi usado { $records ->
            [one] uma vez
           *[other] { $records } vezes
        }: não conta
    .elsewhere =
        o dispositivo { $device } de alguém que nunca esteve em serviço aqui foi usado { $records ->
            [one] uma vez
           *[other] { $records } vezes
        }: não conta
DEVICE_BOUND_TO_SEVERAL = a partir de { $from } o dispositivo { $device } é de várias pessoas ou vários postos ao mesmo tempo: fica guardado, e o que se escreve nele então não diz nada
    .ever = o dispositivo { $device } é de várias pessoas ou vários postos ao mesmo tempo desde o início: fica guardado, e o que se escreve nele então não diz nada
CREDIT_DEVICE_OF_SEVERAL =
    o dispositivo { $device } é ao mesmo tempo de { $more ->
        [0] { $first } e { $second }
        [one] { $first }, { $second } e mais { $more } pessoa
       *[other] { $first }, { $second } e mais { $more } pessoas
    } e foi usado { $records ->
        [one] uma vez
       *[other] { $records } vezes
    }: não conta
    .beyond =
        o dispositivo { $device } é de { $person } e ao mesmo tempo de alguém que nunca esteve em serviço aqui, e foi usado { $records ->
            [one] uma vez
           *[other] { $records } vezes
        }: não conta
    .unknown =
        o dispositivo { $device } é de várias pessoas ao mesmo tempo e foi usado { $records ->
            [one] uma vez
           *[other] { $records } vezes
        }: não conta
DEVICE_OF_NOBODY =
    { $devices ->
        [one] o dispositivo { $device }, que não está associado a ninguém, foi usado
       *[other] { $devices } dispositivos que não estão associados a ninguém, como { $device }, foram usados
    } { $records ->
        [one] uma vez
       *[other] { $records } vezes
    }: isso só diz o que as mesmas mãos escreveram
    .near =
        o dispositivo { $device }, que não está associado a ninguém, foi usado { $records ->
            [one] uma vez
           *[other] { $records } vezes
        }, e { $near }, que está associado, nunca: seria esse?
    .seat =
        o dispositivo { $device } do posto { $seat } foi usado { $records ->
            [one] uma vez
           *[other] { $records } vezes
        } enquanto ninguém estava na escala desse posto: então ele não era de ninguém
    .ended =
        o dispositivo { $device } foi usado { $records ->
            [one] uma vez
           *[other] { $records } vezes
        } depois de { $to }, o último dia da associação dele: então ele não era de ninguém
    .coming =
        o dispositivo { $device } foi usado { $records ->
            [one] uma vez
           *[other] { $records } vezes
        } antes de { $from }, o primeiro dia da associação dele: então ele não era de ninguém
EVIDENCE_NOT_READ = a versão { $version } da política não lê reivindicações, dispositivos nem horários de mensagens. No mês a conta tem: reivindicações, { $claims }; atendimentos com horários de mensagens, { $replies }; dispositivos que atendimentos ou mensagens indicam, { $devices }
CREDIT_REPLY_OUTSIDE_RECORD =
    { $records ->
        [one] { $records } resposta foi antes do início ou depois do fim do atendimento: não conta
       *[other] { $records } respostas foram antes do início ou depois do fim do atendimento: não contam
    }
BREAKS_NOT_PUNCHED =
    { $days ->
        [one] { $days } dia de trabalho
       *[other] { $days } dias de trabalho
    } de { $people ->
        [one] { $people } pessoa
       *[other] { $people } pessoas
    } { $days ->
        [one] foi
       *[other] foram
    } um serviço sem interrupção em que, por duas horas ou mais, quase nada foi da pessoa enquanto outros trabalhavam. Com as pausas marcadas, seria de esperar que cerca de { $breaks } dos atendimentos da conta fossem creditados a outra pessoa, em vez de cerca de { $now }
CREDIT_CLOCKS_APART =
    as mensagens de { $records ->
        [one] { $records } atendimento
       *[other] { $records } atendimentos
    } seguem um relógio { $minutes } min { $seconds } s adiantado em relação ao dos atendimentos: são lidas descontando esse adiantamento
    .behind =
        as mensagens de { $records ->
            [one] { $records } atendimento
           *[other] { $records } atendimentos
        } seguem um relógio { $minutes } min { $seconds } s atrasado em relação ao dos atendimentos: são lidas compensando esse atraso
AMOUNTS_CONVERTED =
    os valores de { $records ->
        [one] { $records } atendimento
       *[other] { $records } atendimentos
    } foram convertidos de { $from } para { $to }, cada um pela cotação do seu dia local e arredondado uma vez: { $rates }{ $more ->
        [0] { "" }
       *[other] { " " }e mais { $more }
    }
REFUND_EXCEEDS_SALE =
    { $sales ->
        [one] em uma venda devolveu-se mais do que ela rendeu, e ela conta
       *[other] em { $sales } vendas devolveu-se mais do que elas renderam, e elas contam
    } abaixo de zero: { $named }{ $more ->
        [0] { "" }
       *[other] { " " }e mais { $more }
    }
REGION_SAME = uma transferência vai para uma região diferente de { $region }
REPORT_NOT_A_MONTH = um relatório trata de um mês do calendário, e o ciclo vai de { $from } a { $to }: crie um ciclo de um mês
NOTHING_TO_TELL = não se pode informar sobre nenhuma unidade: cada uma tem menos de cinco pessoas, ou revelaria menos por diferença
TRANSFER_NOT_PREPARED =
    a transferência já está { $stage ->
        [prepared] preparada
        [approved] aprovada
        [released] liberada
        [withdrawn] retirada
       *[rejected] rejeitada
    }
TRANSFER_NOT_APPROVED = a transferência aguarda a aprovação de outra pessoa
TRANSFER_DROPPED =
    a transferência foi { $stage ->
        [withdrawn] retirada
       *[rejected] rejeitada
    }: prepare outra
TRANSFER_RELEASED = a transferência já foi liberada: o que foi informado não pode ser recolhido
TRANSFER_STALE = outro relatório sobre o mês foi liberado nesse meio-tempo, e os dois juntos revelariam menos de cinco pessoas: prepare-a de novo
TRANSFER_MALFORMED = este não é o arquivo esperado aqui, ou não está inteiro: envie o arquivo completo como ReleaseTransfer ou ExportStandard o gerou
TRANSFER_SIGNATURE_WRONG = o arquivo não está assinado pela instalação de { $region }: foi alterado, ou falta aqui a nova chave pública dela
REGION_KEY_UNKNOWN = não se conhece aqui nenhuma chave pública de { $region }: coloque o performance.pub dela na pasta de chaves como regions/{ $region }.pub
TRANSFER_OF_ANOTHER_GROUP = o arquivo é de outro grupo
TRANSFER_ALREADY_EXISTS = o arquivo já foi importado antes
TRANSFER_KIND_EXPECTED = diga o que deve ser transferido: um relatório ou o diretório

## Compensation

CYCLE_NOT_PUBLISHED = as pontuações ainda podem mudar: publique o ciclo primeiro
    .report = o ciclo não está publicado: relatórios tratam do que é definitivo
    .correct = o ciclo não está publicado, portanto não há o que corrigir: feche-o de novo, e ele lê o que conta agora
RESULT_VERSION_UNKNOWN = o ciclo não tem essa versão do resultado, ou nenhuma tinha sido publicada até então: consulte as versões com ListCardVersions
VERSION_TWICE = indique uma versão ou um instante, não os dois
CYCLE_CORRECTION_UNDERWAY = a correção { $cycle } deste ciclo não está publicada e indica outro motivo ou outra versão do modelo de avaliação: peça com o que ela indica para recalculá-la, publique-a (PublishCycle) ou descarte-a (CancelCycle) e peça de novo
CORRECTION_CHANGES_NOTHING = todos os boletins estão como foram publicados, portanto não há o que publicar: descarte a correção (CancelCycle); quando algo em que o ciclo se baseia for corrigido, peça-a de novo
ACCOUNTS_EXPECTED = indique pelo menos uma conta e no máximo { $most }
ACCOUNT_UNKNOWN_HERE = não há conta { $account } sobre a qual você possa perguntar: procure o id com ListAccounts
UNIT_UNKNOWN_HERE = não há unidade { $unit } dentro daquilo para que a execução é iniciada: procure o id com ListOrgUnits ou peça a execução para uma unidade acima
ACCOUNTS_OR_SCHEME = ou contas ou um modelo de avaliação, não os dois: deixe um de fora
POOL_WITHOUT_PEOPLE = a verba não tem a quem pagar: o ciclo não contém nenhum boletim da unidade da verba
POOL_OUTSIDE_CYCLE = uma verba pertence à unidade do ciclo dela ou a uma abaixo: indique uma assim, ou nenhuma para a unidade do ciclo
PAY_OUTSIDE_UNIT =
    { $count } { $count ->
        [one] pessoa tem boletim no ciclo e não pertencia
       *[other] pessoas têm boletim no ciclo e não pertenciam
    } à unidade da verba no último dia do ciclo: { $people }. Uma unidade paga às próprias pessoas: feche o ciclo com uma população que deixe as outras de fora
    .correction =
        { $count } { $count ->
            [one] pessoa tem boletim no ciclo e não pertencia
           *[other] pessoas têm boletim no ciclo e não pertenciam
        } à unidade da verba no último dia do ciclo: { $people }. Uma unidade paga às próprias pessoas: corrija primeiro o ciclo (CorrectCycle) e depois elabore esta correção de novo
POOL_NEGATIVE = uma verba não pode ser menor que zero: informe um valor de 0 ou mais; não se toma dinheiro de volta com uma verba
ZERO_SCORES = nenhuma pontuação é maior que zero, portanto não há regra para dividir: veja primeiro os boletins do ciclo
PART_WITHOUT_CLAIM = a parte { $place } da verba não vai para ninguém: nenhuma pontuação alcança uma faixa com peso, ou o piso dela; altere a regra da parte
SETTLEMENT_NOT_DRAFT =
    a apuração está { $stage ->
        [draft] em rascunho
        [approved] aprovada
        [posted] lançada
       *[discarded] descartada
    }, e não em rascunho
SETTLEMENT_NOT_APPROVED =
    a apuração está { $stage ->
        [draft] em rascunho
        [approved] aprovada
        [posted] lançada
       *[discarded] descartada
    }; só uma aprovada pode ser lançada
SETTLEMENT_POSTED = uma apuração lançada nunca muda: elabore uma correção dela, e a próxima apuração paga a diferença
SETTLEMENT_NOT_POSTED =
    a apuração está { $stage ->
        [draft] em rascunho
        [approved] aprovada, mas não lançada
       *[discarded] descartada
    }, e só uma lançada é corrigida: descarte-a e elabore-a de novo
PAY_CORRECTION_WAITS = a correção { $correction } da apuração aguarda aprovação: aprove-a ou retire-a primeiro
NOTHING_TO_CORRECT = pelos boletins como estão agora, todos recebem o que a apuração e as correções dela deram: corrija primeiro o ciclo, ou não há o que acertar
PAY_CORRECTION_NOT_DRAFT =
    a correção está { $stage ->
        [approved] aprovada
       *[withdrawn] retirada
    }, e não em rascunho
DELTAS_WAIT_NOW = o que está pendente é informado como está agora: deixe de fora known_at ou waiting_only
CORRECTION_REASON_MISSING = diga o motivo: todo demonstrativo o mostra
POOL_THERE = a verba { $pool } deste ciclo tem o mesmo nome, valor e regra: apure aquela, ou dê outro nome a esta se houver mais uma vez o mesmo dinheiro
POOL_PAID = uma apuração da verba { $pool } já está lançada, e uma verba é paga uma só vez: descarte as outras e crie outra verba, com outro nome, se houver mais dinheiro a pagar
CARRY_MOVED = desde que esta foi elaborada, outra apuração foi lançada, ou uma correção aprovada, e os centavos restantes mudaram: elabore-a de novo
DELTA_SCORE = a pontuação foi corrigida de { $old } para { $new }
DELTA_AGAINST =
    { $by ->
        [fell] a própria pontuação foi corrigida de { $old } para { $new }, mas as dos outros caíram mais, no total de { $others_old } para { $others_new }: assim a participação na verba cresceu
        [rose] a própria pontuação foi corrigida de { $old } para { $new }, mas as dos outros subiram mais, no total de { $others_old } para { $others_new }: assim a participação na verba diminuiu
        [less] a própria pontuação foi corrigida de { $old } para { $new }, e as dos outros no total de { $others_old } para { $others_new }: pela regra da verba, mesmo assim a participação nela diminuiu
       *[more] a própria pontuação foi corrigida de { $old } para { $new }, e as dos outros no total de { $others_old } para { $others_new }: pela regra da verba, mesmo assim a participação nela cresceu
    }
DELTA_ADDED = foi acrescentada uma pontuação de { $score }
DELTA_REMOVED = a pontuação de { $score } foi retirada
DELTA_OTHERS = as pontuações de outros foram corrigidas, e a verba é dividida entre todos
POOL_WITHOUT_PARTS = é preciso pelo menos uma parte
SHARES_NOT_WHOLE = as participações somam { $sum } milionésimos, não exatamente 1000000
PART_OF_NOTHING = uma parte de nada: deixe-a de fora
PART_RULE_MISSING = diga como esta parte é dividida: tiers, proportional ou team_fund
PART_WITHOUT_TIERS = é preciso pelo menos uma faixa
TIERS_OUT_OF_ORDER = escreva as faixas da melhor para a pior, cada uma com um min_score menor
TIERS_MIXED = dê a toda faixa um min_score, ou a toda faixa uma cota
TIERS_WITHOUT_WEIGHT = todos os pesos são zero, portanto ninguém poderia receber nada
TIER_WEIGHTS_OUT_OF_ORDER = uma faixa pior pesa mais que uma melhor
STATEMENT_AMOUNT =
    { $paid } por uma pontuação de { $score }: { $than ->
        [less] { $difference } a menos que os
        [same] o mesmo que os
       *[more] { $difference } a mais que os
    } { $equal } de uma divisão por igual.
STATEMENT_WITHOUT_TIER = Parte { $number } ({ $share } da verba, { $part }), por faixas: a pontuação não alcança nenhuma faixa, portanto { $amount }.
STATEMENT_TIER_WITHOUT_WEIGHT = Parte { $number } ({ $share } da verba, { $part }), por faixas: a faixa { $tier } não tem peso, portanto { $amount }.
STATEMENT_NOT_ABOVE_FLOOR = Parte { $number } ({ $share } da verba, { $part }), em proporção à pontuação: ela não está acima de { $floor }, portanto { $amount }.
STATEMENT_PART = Parte { $number } ({ $share } da verba, { $part }), { $claim } de { $sum } no total; { $major } × { $weight } / { $sum } = { $rounded }{ $carried }; portanto { $amount }.
STATEMENT_BY_TIER = por faixas: a faixa { $tier } pesa { $weight }
STATEMENT_ABOVE_FLOOR =
    em proporção à pontuação acima de { $floor }: { $points ->
        [one] { $points } ponto
       *[other] { $points } pontos
    }
STATEMENT_BY_SCORE =
    em proporção à pontuação: { $points ->
        [one] { $points } ponto
       *[other] { $points } pontos
    }
STATEMENT_EXACT = { $whole } exatos
STATEMENT_ROUNDED =
    { $whole } e { $fraction } de { $smallest }; das { $units } unidades restantes de { $smallest }, { $came ->
        [yes] uma veio para cá
       *[no] nenhuma veio para cá
    }
STATEMENT_CARRIED = ; saldo anterior { $before }, saldo levado adiante { $after }

## The bundle: what is said of files, rows and settings. A reason and its cure are two cells of rejected.csv

UNUSABLE = { $file }: { $problem }. { $cure }.
SEVERAL_PROBLEMS = { $problems }
REASON_ALSO = { $reason }; também { $column }: { $more }
AND_MORE_ROWS =
    mais { $count } { $count ->
        [one] linha deste arquivo foi rejeitada
       *[other] linhas deste arquivo foram rejeitadas
    }
AND_MORE_ROWS_CURE = corrija primeiro as linhas acima: as outras quase sempre falham pelos mesmos motivos
AND_MORE_FINDINGS = e mais do mesmo tipo
FIRST_REJECTED = linha { $line }{ $column }: { $reason } ({ $cure })
FIRST_REJECTED_COLUMN = , coluna { $column }
EVERY_ROW_REJECTED = ; todas as linhas foram rejeitadas: { $first }
ROWS_REJECTED =
    { $count ->
        [one] ; { $count } linha foi rejeitada: { $first }
       *[other] ; { $count } linhas foram rejeitadas, a primeira: { $first }
    }
HINT_NEAR = ; seria { $near }?
HINT_MEANT = { " " }(seria { $near }?)
HINT_MEANT_AS = { " " }({ $near } seria { $column }?)
HINT_THERE_IS = { " " }(existe { $near })
NO_FOLDER = não é possível ler como pasta ({ $error })
NO_FOLDER_CURE = informe a pasta que contém people.csv, accounts.csv e records.csv
MISSING_FILE = falta em { $folder }{ $hints }
MISSING_FILE_CURE = acrescente o arquivo exatamente com este nome; docs/bundle.md descreve cada arquivo
NOT_A_FILE = não é um arquivo
NOT_A_FILE_CURE = coloque um arquivo CSV ou YAML no lugar
UNREADABLE = não é possível ler ({ $error })
UNREADABLE_CURE = confira o arquivo e as permissões dele
UNKNOWN_FILE = nada lê este arquivo{ $hint }
EMPTY_OPTIONAL_FILE = o arquivo está vazio e foi ignorado
THE_PERIOD = o período
PERIOD_BACKWARDS_CURE = troque --from e --to
PERIOD_HALF = falta um dos dois extremos
PERIOD_HALF_CURE = informe --from e --to, ou nenhum dos dois
PERIOD_OF_DAYS = o período tem { $days } dias, e no máximo { $most } são fechados de uma vez
PERIOD_OF_DAYS_CURE = feche-o em partes
TEAM_WITHOUT_PEOPLE = ninguém em people.csv pertence à equipe { $team } dela
BRANCH_WITHOUT_PEOPLE = ninguém em people.csv pertence a esta filial
TOO_LARGE_SETTINGS = tem mais de 1 MiB
TOO_LARGE_SETTINGS_CURE = configurações são uma página de texto: confira se o arquivo certo tem este nome
NOT_VALID_TEXT = não é um texto válido
NOT_VALID_TEXT_CURE = salve-o em UTF-8
ZERO_BYTES = contém bytes zero, que nenhum arquivo CSV ou YAML tem
ZERO_BYTES_CURE = exporte-o de novo como CSV em UTF-8 (um arquivo de planilha não é um arquivo CSV)
UNKNOWN_ENCODING = o texto não é UTF-8, UTF-16 nem GBK (parece { $encoding })
BAD_YAML = não é um YAML válido: { $cause } (o leitor diz “{ $said }”)
    .at = não é um YAML válido na linha { $line }, coluna { $column }: { $cause } (o leitor diz “{ $said }”)
YAML_KEY_TWICE = a chave { $key } aparece duas vezes
    .lines = a chave { $key } aparece duas vezes, na linha { $first } e na linha { $second }
YAML_TAB = há uma tabulação onde só pode haver espaços
YAML_NOT_CLOSED = um colchete, uma chave ou aspas que foram abertos não foram fechados
YAML_NO_VALUE = espera-se um valor ali
YAML_BAD_START = nenhum valor começa com esse sinal: coloque o texto entre aspas
YAML_SIGN = um texto que começa com &, * ou ! é uma referência ou uma tag: coloque-o entre aspas
YAML_ESCAPE = uma barra invertida entre aspas duplas inicia um caractere especial: duplique-a ou use aspas simples
YAML_STRUCTURE = uma chave, dois-pontos ou um recuo não cabe ali
YAML_OTHER = não é possível ler ali
BAD_YAML_CURE = corrija o YAML ali: dois espaços por nível, um espaço depois de cada dois-pontos
YAML_KEY_TWICE_CURE = deixe a que vale e apague a outra
YAML_NUMBER_TOO_LARGE = um número é grande demais para ser lido (o leitor diz: “{ $said }”)
YAML_NUMBER_TOO_LARGE_CURE = escreva um número menor
YAML_UNSEEN = a linha { $line } contém o caractere invisível { $character }
YAML_UNSEEN_CURE = apague esse caractere ou digite a linha de novo
INVALID_SETTINGS_CURE = corrija esses valores; docs/bundle.md tem exemplos

## The bundle: tables

EMPTY_FILE = está vazio
EMPTY_FILE_CURE = preencha-o: a primeira linha é { $header }
NOT_CSV = não é um arquivo CSV com cabeçalho: { $why }
NOT_CSV_CURE = exporte-o como CSV; a primeira linha é { $header }
    .named = apague a linha com `sep=` ou salve o arquivo de novo com um só separador
NOT_CSV_NO_END = a primeira linha não tem fim, ou há nela aspas não fechadas
NOT_CSV_NO_TEXT = a primeira linha não é texto
NOT_CSV_NO_COLUMN = a primeira linha não indica nenhuma das colunas
    .named_not = a primeira linha diz `sep={ $named }`, e o cabeçalho abaixo dela é separado por `{ $sign }`
    .named_not_tab = a primeira linha diz `sep={ $named }`, e o cabeçalho abaixo dela é separado por tabulações
CONVERTED_ENCODING = lido como { $encoding } e convertido para UTF-8
SEPARATED_BY_TAB = as colunas são separadas por tabulação
SEPARATED_BY_SIGN = as colunas são separadas pelo sinal { $sign }
SEPARATED_BY_SEMICOLON = as colunas são separadas por ponto e vírgula
LINE_TOO_LONG = a linha tem mais de 1 MiB
LINE_TOO_LONG_CURE = confira onde foi parar o fim da linha
TOO_MANY_CELLS = tem { $cells } células, o cabeçalho tem { $columns }
TOO_MANY_CELLS_CURE = coloque entre aspas duplas a célula que contém vírgula ou aspas
NOT_TEXT_IN_ENCODING = contém bytes que não são texto na codificação do arquivo
UNSEEN_CHARACTER = contém o caractere invisível { $character }
UNSEEN_CHARACTER_CURE = apague-o: digite a célula de novo ou limpe a coluna no programa que a exporta
OPEN_QUOTE = aspas nela abrem uma célula que não é fechada no lugar certo
OPEN_QUOTE_CURE = duplique as aspas dentro de uma célula, como em "5"" screen"
UNBALANCED_QUOTES = as aspas não fecham em muitos lugares, visto por último na linha { $line }
UNBALANCED_QUOTES_CURE = exporte-o de novo como CSV: aspas dentro de uma célula são duplicadas
COLUMN_TWICE = a coluna { $column } aparece duas vezes
    .names = a coluna { $column } aparece duas vezes, como “{ $one }” e como “{ $other }”
COLUMN_TWICE_CURE = fique com uma delas ou dê outro nome à outra
MISSING_COLUMNS = o cabeçalho não tem a coluna { $columns }{ $hints }
MISSING_COLUMNS_CURE = acrescente-a; um cabeçalho completo é { $header }
MISSING_KIND_CURE = acrescente-a; um cabeçalho completo é { $header }; ou escreva `punches: alternating` ou `punches: first_last` em group.yaml
MISSING_COLUMN = essa coluna não existe: considerada vazia em todas as linhas
UNKNOWN_COLUMN = nada lê esta coluna{ $hint }
EQUAL_ROWS = linhas iguais foram consideradas uma só vez ({ $count } de fora)

## The bundle: cells

IT_IS_EMPTY = está vazia
IT_IS_EMPTY_CURE = preencha-a
TOO_MANY_CHARACTERS = tem mais de { $most } caracteres
TOO_MANY_CHARACTERS_CURE = encurte-a
TOO_MANY_MEASURES = a linha tem mais de { $most } métricas além das colunas conhecidas
TOO_MANY_MEASURES_CURE = deixe de fora as colunas que nada mede
NO_TIME_ZONE = “{ $text }” não é um fuso horário
NO_TIME_ZONE_CURE = escreva um nome IANA, como Asia/Shanghai
STANDS_FOR_NO_VALUE = “{ $text }” representa ausência de valor
STANDS_FOR_NO_VALUE_CURE = escreva o id; se não houver, deixe a linha de fora
FORMULA_FAILED = “{ $text }” é o que uma planilha mostra quando uma fórmula falha, não um valor
FORMULA_FAILED_CURE = corrija a fórmula ou exporte a coluna de onde ela vem; só deixe a célula vazia se não houver valor
NEITHER_YES_NOR_NO = “{ $text }” não é sim nem não
NEITHER_YES_NOR_NO_CURE = escreva true, false, 1, 0, yes, no, 是 ou 否, ou deixe-a vazia
NO_SMALL_COUNT = “{ $text }” não é um número inteiro de 1 a 1000
NO_SMALL_COUNT_CURE = escreva um número assim
IT_IS_NEGATIVE = é negativo
IT_IS_NEGATIVE_CURE = escreva um número a partir de 0 ou deixe a célula vazia
NUMBER_ABOVE_RANGE = { $text } é grande demais
NUMBER_ABOVE_RANGE_CURE = escreva um número de 0 a { $most }, ou deixe a célula vazia se não foi medido
NO_NUMBER = “{ $text }” não é um número
    .comma = “{ $text }” tem vírgula, e os números têm ponto e nenhum separador de milhar quando group.yaml não tem `numbers`
    .exponent = “{ $text }” tem expoente, o que os números não têm
NO_NUMBER_CURE = escreva algarismos com ponto, como 12.5, ou deixe a célula vazia se não foi medido
    .needed = escreva algarismos com ponto, como 12.5, ou retire a linha
NEGATIVE_AMOUNT = o valor { $text } é negativo
NEGATIVE_AMOUNT_CURE = escreva um reembolso em uma linha própria, com valor negativo, que indique em refers_to o external_id da venda, ou deixe a célula vazia
NO_AMOUNT = “{ $text }” não é um valor
NO_AMOUNT_CURE = escreva algarismos com ponto, como 1234.50, sem símbolo de moeda, ou diga em group.yaml como os números são escritos: `numbers: { "{" }decimal: ".", grouping: ","{ "}" }` se for 1,234.50, `numbers: { "{" }decimal: ",", grouping: "."{ "}" }` se for 1.234,50
    .yaml = escreva algarismos com ponto, como 1234.50, sem símbolo de moeda e sem separador de milhar
AMOUNT_DECIMALS = { $text } tem mais casas decimais do que { $currency } tem ({ $digits })
    .told = { $text } tem mais casas decimais do que { $currency } tem ({ $digits }): group.yaml diz que “{ $sign }” vem antes dos decimais
AMOUNT_DECIMALS_CURE = arredonde para a menor unidade da moeda ou, se 1.234 é mil duzentos e trinta e quatro, diga isso em group.yaml: `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
    .either = escreva { $whole } ou { $decimal }, o que for correto
    .round = arredonde para a menor unidade da moeda
    .whole = escreva { $whole } se for isso, ou arredonde para a menor unidade da moeda
HUGE_AMOUNT = o valor { $text } é grande demais
HUGE_AMOUNT_CURE = confira a unidade: é a unidade principal da moeda
NO_DATE = “{ $text }” não é uma data
NO_DATE_CURE = escreva ano-mês-dia, como 2026-03-02
NO_TIME = “{ $text }” não é um horário
NO_TIME_CURE = escreva 2026-03-02 09:00:00 ou, com a diferença de fuso, 2026-03-02T09:00:00+08:00
TIME_BEYOND_RANGE = o horário está fora do intervalo permitido
TIME_BEYOND_RANGE_CURE = confira o ano
TIME_SKIPPED = { $time } não existiu em { $zone }: os relógios foram adiantados de { $before } para { $after }
TIME_SKIPPED_CURE = escreva o horário com a diferença de fuso, como { $time }{ $offset }
THAT_ZONE = esse fuso
MAY_BE_GROUPED = “{ $text }” pode ser um decimal ou um número com separador de milhar
GROUPED_BY_SPACE = “{ $text }” tem espaços entre os algarismos
GROUPED_BY_SPACE_CURE = retire-os ou diga em group.yaml como os números são escritos: `numbers: { "{" }decimal: ",", grouping: space{ "}" }` se for 1 234,50, `numbers: { "{" }decimal: ".", grouping: space{ "}" }` se for 1 234.50
MAY_BE_GROUPED_CURE = diga em group.yaml como os números são escritos, como `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
NOT_AS_GROUP_YAML = “{ $text }” não está escrito como group.yaml diz que os números são
NOT_AS_GROUP_YAML_CURE = escreva “{ $decimal }” antes dos decimais e nenhum separador de milhar, ou corrija `numbers` em group.yaml
    .grouped = escreva “{ $decimal }” antes dos decimais e “{ $grouping }” entre os milhares, ou corrija `numbers` em group.yaml
    .spaced = escreva “{ $decimal }” antes dos decimais e um espaço entre os milhares, ou corrija `numbers` em group.yaml

## The bundle: people, accounts, aliases

SHORTENED_NUMBER = { $text } é um número que uma planilha encurtou para os primeiros dígitos
EXPORT_AS_TEXT = exporte a coluna como texto
EMPTY_SEGMENT = “{ $text }” tem um trecho vazio
EMPTY_SEGMENT_CURE = escreva o caminho com barras simples, a filial primeiro, como East/Chat/Team 1
TOO_DEEP = tem { $depth } unidades de profundidade
TOO_DEEP_CURE = indique no máximo { $most } unidades, a filial primeiro
EMPLOYMENT_BACKWARDS = o vínculo termina em { $left }, antes de começar em { $hired }
EMPLOYMENT_BACKWARDS_CURE = corrija as datas; left_on é o último dia de trabalho
NO_PEOPLE = não indica nenhuma pessoa{ $why }
NO_PEOPLE_CURE = acrescente uma linha para cada pessoa
NAMES_DIFFER = as linhas { $lines } têm o número { $number } e diferem no nome
NAMES_DIFFER_CURE = dê a cada pessoa um número próprio ou escreva o mesmo nome em todas as linhas do número
ZONES_DIFFER = as linhas { $lines } têm o número { $number } e diferem no fuso horário
ZONES_DIFFER_CURE = escreva o mesmo fuso horário em todas as linhas do número: uma pessoa tem um só
EMPLOYMENTS_OVERLAP = as linhas { $lines } têm o número { $number } e se sobrepõem: { $one } e { $other }
EMPLOYMENTS_OVERLAP_CURE = fique com uma linha por pessoa ou dê a cada vínculo dias próprios: left_on é o último dele
DAYS = { $from } a { $to }
TWO_LINES = { $one } e { $other }
NO_END = sem fim
MOVED = { $before } até { $until }; { $after } a partir de { $from }
NO_ACCOUNTS = não indica nenhuma conta{ $why }
NO_ACCOUNTS_CURE = acrescente uma linha para cada conta de plataforma
ACCOUNT_ROWS_DIFFER = as linhas desta conta diferem em zone, team ou exclusive
ACCOUNT_ROWS_DIFFER_CURE = escreva o mesmo em todas as linhas dela
PHASES_ON_ONE_DAY = duas fases desta conta começam no mesmo dia
PHASES_ON_ONE_DAY_CURE = dê a cada fase um primeiro dia próprio
SLASH_IN_NAME = “{ $text }” contém uma barra
SLASH_IN_NAME_CURE = não use barras em plataformas, lojas e contas
NO_EMPLOYMENT_KIND = “{ $text }” não é um tipo de vínculo
NO_EMPLOYMENT_KIND_CURE = escreva full_time, part_time, fixed_term, intern, agency, outsourced ou freelance, ou deixe a célula vazia
NO_CONTRIBUTORS = “{ $text }” não indica participantes
    .role = “{ $text }” não indica participantes: “{ $role }” não é um papel
    .twice = “{ $text }” indica { $named } duas vezes
    .many = “{ $text }” indica mais participantes do que os { $max } que um atendimento pode ter
NO_CONTRIBUTORS_CURE = escreva papel=matrícula, vários com ; entre eles, com os papéis first_answer, closer e after_sales, como first_answer=A001;closer=A007
    .twice = deixe um dos dois de fora: cada um tem uma parte em um papel, também quando um apelido de aliases.csv e a matrícula se referem à mesma pessoa
    .many = deixe alguns de fora, { $max } no máximo
POLICY_SPLIT = informe version, e first_answer, closer e after_sales em percentuais que somem 100
NO_PHASE = “{ $text }” não é uma fase
NO_PHASE_CURE = escreva shared, mixed ou named
CORRECT_THE_DATES = corrija as datas
ALIAS_IS_A_NUMBER = { $alias } é a matrícula de outra pessoa
ALIAS_IS_A_NUMBER_CURE = atendimentos com ele seriam lidos como dessa pessoa: mude o apelido
ALIAS_OF_TWO = { $alias } é de duas pessoas ao mesmo tempo
ALIAS_TWICE = várias linhas dão { $alias } à mesma pessoa em dias que se sobrepõem
ALIAS_OF_TWO_CURE = dê a cada linha suas datas from e to, sem sobreposição
DEVICE_OF_NOTHING = nem uma matrícula nem um posto diz de quem é o dispositivo
DEVICE_OF_BOTH = é de uma pessoa (employee_no) e de um posto (seat)
DEVICE_OF_BOTH_CURE = escreva a matrícula ou o posto e deixe o outro vazio
DEVICE_TWICE = várias linhas dão { $device } à mesma pessoa ou ao mesmo posto a partir do mesmo dia, com fins diferentes

## The bundle: whom and what a row means

NOT_IN_PEOPLE = { $number } não está em people.csv
NOT_IN_PEOPLE_CURE = acrescente a pessoa a people.csv ou corrija o número
ROWS_OF_NUMBER_REJECTED = as linhas de { $number } em people.csv foram rejeitadas
ROWS_OF_ACCOUNT_REJECTED = as linhas de { $account } em accounts.csv foram rejeitadas
ROWS_OF_RECORD_REJECTED = as linhas do atendimento { $record } de { $account } em records.csv foram rejeitadas
ROWS_OF_ALIAS_REJECTED = as linhas do apelido { $alias } em { $platform } em aliases.csv foram rejeitadas
ROWS_REJECTED_CURE = corrija-as primeiro: cada uma está em rejected.csv com a solução
NAME_FOR_NUMBER = { $text } é um nome, e espera-se um número (seria { $near }?)
NAME_FOR_NUMBER_CURE = escreva a matrícula: apelidos só a substituem nas colunas agent e contributors de records.csv
    .agent = escreva a matrícula ou inclua o apelido em aliases.csv
LOST_ZEROS = { $text } não está em people.csv (seria { $near }?)
LOST_ZEROS_CURE = planilhas eliminam zeros à esquerda: exporte a coluna como texto
GROUPED_NUMBER = { $text } não está em people.csv (seria { $near }?)
GROUPED_NUMBER_CURE = uma planilha agrupou os dígitos: exporte a coluna como texto
ONE_OF_TWO = { $one } ou { $other }
SEVERAL_STORES = várias lojas têm uma conta { $account }
SEVERAL_STORES_CURE = escreva-a como plataforma/loja/conta
ACCOUNT_UNKNOWN_CURE = acrescente a conta a accounts.csv ou corrija o nome dela
UNKNOWN_AGENT = { $agent } não está em people.csv nem é um apelido em { $platform }
ALIAS_NOT_THEN = o apelido { $agent } em { $platform } não vale em { $day }
UNKNOWN_AGENT_CURE = acrescente a pessoa a people.csv ou o apelido a aliases.csv, ou deixe agent vazio

## The bundle: records and duty

NO_RECORD_USABLE = não contém nenhum atendimento que possa ser usado{ $why }
NO_RECORD_IN_PERIOD = nenhum atendimento começa de { $from } a { $to }{ $others }{ $why }
RECORDS_OUTSIDE =
    { " " }({ $count ->
        [one] { $count } está fora dele
       *[other] { $count } estão fora dele
    })
NO_RECORDS_CURE = informe as datas em que estão os atendimentos (--from e --to, ou period em group.yaml) e corrija as linhas rejeitadas
OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } atendimento não começa
       *[other] { $count } atendimentos não começam
    } de { $from } a { $to } e { $count ->
        [one] ficou
       *[other] ficaram
    } de fora (por exemplo { $example })
OBSERVATIONS_OUTSIDE =
    { $count ->
        [one] { $count } observação não é
       *[other] { $count } observações não são
    } sobre dias de { $from } a { $to } e { $count ->
        [one] não conta
       *[other] não contam
    } nesse período (por exemplo { $example })
NO_PERIOD = nenhum atendimento diz que período é fechado
NO_PERIOD_CURE = informe as datas dele (--from e --to, ou period em group.yaml)
NO_RATE = “{ $text }” não é uma cotação
NO_RATE_CURE = escreva algarismos com no máximo um ponto, como 7.1234, com até { $places } depois dele e 18 no total
RATE_NOT_ABOVE_0 = uma cotação é maior que 0
RATE_NOT_ABOVE_0_CURE = escreva quanto vale uma unidade da primeira moeda na segunda
RATE_OF_ONE_CURRENCY = é a cotação de uma moeda com ela mesma
RATE_OF_ONE_CURRENCY_CURE = escreva outra moeda em uma das duas colunas
RATES_CONTRADICT = várias linhas dizem quanto valem as mesmas moedas no mesmo dia: { $rates }
POPULATION_WITHOUT_PEOPLE = population não indica ninguém que tenha vínculo de { $from } a { $to }
POPULATION_WITHOUT_PEOPLE_CURE = escreva o que people.csv diz das pessoas pretendidas ou deixe population de fora ({ $said })
POPULATION_COLUMN = { $column }: { $words }
POPULATION_OF_NOBODY = ninguém em people.csv tem { $column } “{ $word }”{ $hint }
TOO_MANY_REPLIES = tem mais de { $most } linhas de mensagens
TOO_MANY_RECORDS = o período contém mais de { $most } atendimentos
TOO_MANY_RECORDS_CURE = feche filiais ou semanas uma a uma
SEVERAL_MONTHS = os atendimentos começam em { $count } meses ({ $months })
SEVERAL_MONTHS_CURE = diga que datas fechar, como --from { $from } --to { $to }
RECORD_BACKWARDS = termina em { $end }, antes de começar em { $start }
RECORD_BACKWARDS_CURE = corrija os horários ou troque as duas colunas
SHORTENED_ID_KEPT =
    em { $count ->
        [one] { $count } linha
       *[other] { $count } linhas
    } uma planilha encurtou o número para os primeiros dígitos (por exemplo { $example }): exporte-o como texto; mantido como está
SHORTENED_CUSTOMER =
    em { $count ->
        [one] { $count } linha
       *[other] { $count } linhas
    } uma planilha encurtou o número para os primeiros dígitos (por exemplo { $example }): exporte-o como texto; considerado vazio
VALUE_LOST_EMPTY =
    { $count ->
        [one] { $count } célula contém o que uma planilha mostra no lugar de um valor (por exemplo { $example }): considerada vazia
       *[other] { $count } células contêm o que uma planilha mostra no lugar de um valor (por exemplo { $example }): consideradas vazias
    }
VALUE_LOST_KEPT =
    { $count ->
        [one] { $count } célula contém o que uma planilha mostra no lugar de um valor (por exemplo { $example }): mantida como está
       *[other] { $count } células contêm o que uma planilha mostra no lugar de um valor (por exemplo { $example }): mantidas como estão
    }
NO_VALUE_TAKEN_AS_EMPTY =
    { $count ->
        [one] { $count } célula representa ausência de valor (por exemplo { $example }): considerada vazia
       *[other] { $count } células representam ausência de valor (por exemplo { $example }): consideradas vazias
    }
UNSEEN_LEFT_OUT =
    { $count ->
        [one] { $count } célula contém caracteres invisíveis: lida
       *[other] { $count } células contêm caracteres invisíveis: lidas
    } sem eles (por exemplo { $example })
DECIMAL_TAKEN_AS_WHOLE =
    { $count ->
        [one] { $count } número inteiro está escrito com casa decimal: lido
       *[other] { $count } números inteiros estão escritos com casa decimal: lidos
    } sem ela (por exemplo { $example })
ZEROS_APART =
    { $count ->
        [one] { $count } linha tem um número
       *[other] { $count } linhas têm números
    } (por exemplo { $example }) que outras linhas escrevem com zeros à esquerda: considerado outro número; planilhas eliminam zeros à esquerda, portanto exporte a coluna como texto
CONTRIBUTORS_NOBODY =
    { $count ->
        [one] { $count } participante não está
       *[other] { $count } participantes não estão
    } em people.csv nem em aliases.csv no dia do atendimento (por exemplo { $example }): os atendimentos contam, e os outros participantes ficam com a parte; acrescente a pessoa a people.csv ou o apelido a aliases.csv, ou corrija o nome, e feche de novo
LONG_RECORDS =
    { $count ->
        [one] { $count } atendimento dura
       *[other] { $count } atendimentos duram
    } { $hours } horas ou mais (por exemplo { $example }): os horários podem ser os de um caso que ninguém encerrou
REPLY_WITHOUT_RECORD = { $account } não tem o atendimento { $record } em records.csv{ $hint }
    .elsewhere = { $account } não tem o atendimento { $record } em records.csv, mas { $other } tem
REPLY_WITHOUT_RECORD_CURE = acrescente o atendimento a records.csv (se a linha dele não pôde ser lida, ela está em rejected.csv) ou corrija a conta ou o id
REPLIES_ABOVE_MOST = o atendimento { $record } de { $account } tem { $count } mensagens: as primeiras { $most } são consideradas, e as outras { $rows }, a partir de { $at }, não
CLAIM_OF_BOTH = indica o atendimento { $record } e o cliente { $customer }
CLAIM_OF_BOTH_CURE = fique com um dos dois; sem nenhum, é uma reivindicação do próximo atendimento na conta
REPLIES_ABOVE_MOST_CURE = exporte o atendimento de novo: tantas mensagens são de vários atendimentos com um mesmo id
REPLIES_OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } mensagem é
       *[other] { $count } mensagens são
    } de atendimentos que não começam de { $from } a { $to } e { $count ->
        [one] ficou
       *[other] ficaram
    } de fora (por exemplo { $example })
CLAIMS_OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } reivindicação não foi feita
       *[other] { $count } reivindicações não foram feitas
    } de { $from } a { $to } e { $count ->
        [one] ficou
       *[other] ficaram
    } de fora (por exemplo { $example })
RECORD_TOO_LONG = dura { $days } dias, de { $start } a { $end }
RECORD_TOO_LONG_CURE = corrija as datas: nenhum atendimento dura mais de { $most } dias
NO_ROWS = tem cabeçalho e nenhuma linha abaixo dele
NO_ROWS_CURE = exporte de novo os atendimentos do mês, com as linhas
DUPLICATE_RECORD = este id externo aparece várias vezes com o mesmo conteúdo: considerado uma só vez ({ $count } de fora)
    .revised =
        este id externo aparece em várias revisões: vale { $revision } ({ $count ->
            [one] { $count } linha de uma anterior
           *[other] { $count } linhas de anteriores
        } de fora)
DUPLICATE_ROW_REVISED =
    aparece em várias revisões: vale { $revision } ({ $count ->
        [one] { $count } linha de uma anterior
       *[other] { $count } linhas de anteriores
    } de fora)
REFUND_PAYS_NOTHING = a linha se refere a outro atendimento, portanto é um reembolso, e o valor dela não é negativo
REFUND_PAYS_NOTHING_CURE = escreva o que foi devolvido com um sinal de menos ou deixe refers_to vazio
REVISED_TWICE = a linha indica uma revisão e um horário de alteração
REVISED_TWICE_CURE = deixe um dos dois vazio
NO_CURRENCY = “{ $text }” não é uma moeda
NO_CURRENCY_CURE = escreva um código da ISO 4217, como JPY, ou deixe vazio para a moeda do grupo
NO_REVISION = “{ $text }” não é uma revisão
NO_REVISION_CURE = escreva um número inteiro a partir de 0 ou deixe vazio
ID_TWICE_DIFFERENT = { $id } aparece { $count } vezes em { $account } com conteúdo diferente
ID_TWICE_SAME = { $id } aparece { $count } vezes em { $account } com o mesmo conteúdo
ID_TWICE_CURE = fique com a linha certa ou dê a cada atendimento um external_id próprio
ID_TWICE_SHORTENED_CURE = uma planilha encurtou os ids para os primeiros dígitos: exporte a coluna como texto
SHIFT_BACKWARDS = o turno termina em { $end }, não depois do início em { $start }
SHIFT_BACKWARDS_CURE = um turno noturno termina no dia seguinte: escreva essa data
SECOND_OF_TWO =
    os relógios foram atrasados, e o fim de { $count ->
        [one] { $count } linha
       *[other] { $count } linhas
    } é a segunda vez que eles o mostraram: a primeira vem antes do início (por exemplo { $example })
    .reply =
        os relógios foram atrasados, e o horário de { $count ->
            [one] { $count } mensagem
           *[other] { $count } mensagens
        } é a segunda vez que eles o mostraram: a primeira não está dentro do atendimento (por exemplo { $example })
FIRST_OF_TWO =
    os relógios foram atrasados, e em { $count ->
        [one] { $count } linha
       *[other] { $count } linhas
    } um horário sem diferença de fuso, que eles mostraram duas vezes, é o primeiro dos dois (por exemplo { $example }): escreva a diferença de fuso para dizer qual deles é
LONG_SHIFT = o turno de { $start } a { $end } não tem menos de { $hours } horas
LONG_SHIFT_CURE = corrija os horários; se forem vários turnos, escreva uma linha para cada um
SHIFT_ENDS_DIFFER = as linhas { $lines } são o turno da mesma pessoa na mesma conta a partir de { $start }, mas terminam em horários diferentes ({ $one }, { $other })
SHIFT_SEATS_DIFFER = as linhas { $lines } são o turno da mesma pessoa na mesma conta a partir de { $start }, mas em postos diferentes
KEEP_THE_RIGHT_ROW = fique com a linha certa
PUNCH_BOTH_WAYS = as linhas { $lines } são marcações de entrada e de saída de { $number } no mesmo horário, { $at }
HANDOVER_BOTH_WAYS = nas linhas { $lines }, { $number } assume e devolve { $account } no mesmo horário, { $at }
HANDOVERS_AT_ODDS = as linhas { $lines } são passagens de { $account } no mesmo horário, { $at }, que não podem ter acontecido todas
PUNCHES_ODD = um número ímpar de marcações: { $count }; a última, em { $at }, não tem par ({ $night })
PUNCHES_SINGLE = uma única marcação, em { $at }, não tem par ({ $night })
PUNCHES_NIGHT = uma noite precisa de rosters.csv, ou de um cut_over em policy.yaml em uma hora em que ninguém trabalhe
PUNCHES_BETWEEN = marcações entre a primeira e a última ficam de fora: { $count }
PUNCHES_ALONE = a marcação em { $at } não tem par e não gera presença: acrescente a que falta
PUNCHES_LONG = uma presença de mais de 13 horas, de { $from } a { $to }: se for descanso entre duas noites, escreva kind ou rosters.csv
PUNCHES_AS_NIGHTS = presenças que passam do fim do dia de trabalho: { $count } (a primeira de { $from } a { $to }); por dias de trabalho, o descanso entre elas seria presença, e kind ou rosters.csv diria com certeza
PUNCHES_EITHER_WAY = as marcações de { $from } a { $to } podem ser dias ou noites, pois a primeira e a última não têm par: consideradas dias; kind ou rosters.csv diria qual dos dois
NEITHER_WORD = “{ $text }” não é { $one } nem { $other }
NEITHER_WORD_CURE = escreva { $one } ou { $other }
NO_SUBJECT_KIND = “{ $text }” não é um tipo de objeto
NO_SUBJECT_KIND_CURE = escreva um de { $kinds }
UNIT_OF_NOBODY = { $unit } não é uma unidade a que pertença alguém de people.csv ou uma conta de accounts.csv{ $hint }
UNIT_OF_NOBODY_CURE = corrija o caminho da unidade
STORE_UNKNOWN = nenhuma conta de accounts.csv é de { $store }{ $hint }
STORE_UNKNOWN_CURE = escreva plataforma e loja como em accounts.csv, com / entre elas
NEITHER_DAYS_NOR_TIME = não diz em que dias nem em que momento
DAYS_AND_TIME = diz em que dias e também em que momento
DAYS_AND_TIME_CURE = deixe from e to vazios se for sobre um instante, ou at se for sobre dias
NEITHER_DAYS_NOR_TIME_CURE = preencha from (e to, para mais de um dia) ou at, um dos dois
NO_KIND_OF_FINDING = não existe esse tipo de ocorrência
NO_KIND_OF_FINDING_CURE = apague o arquivo: só inputs/ de um resultado o tem
NO_COUNT = não é uma contagem
DELETE_THE_FILE = apague o arquivo

## The bundle: settings. A sentence goes on from the name of the setting

SETTING = { $path } { $problem }
SETTING_WRONG = está errado: { $reason }; { $cure }
SETTING_GROUPED = “{ $text }” tem separador de milhar, e números em arquivos YAML não têm, não importa o que `numbers` em group.yaml diga das células: escreva { $plain }
SETTING_GROUPED_OR_DECIMAL = “{ $text }” pode ter separador de milhar, e números em arquivos YAML não têm, não importa o que `numbers` em group.yaml diga das células: escreva { $plain }, ou { $decimal } se for isso
SETTING_MISSING = está faltando
SETTING_NO_MAPPING = não é um mapeamento de chaves para valores
FILE_NO_MAPPING = o arquivo não é um mapeamento de chaves para valores
SETTING_NO_TEXT = não é texto
SETTING_TEXT_LENGTH = está vazio ou tem mais de 200 caracteres
SETTING_WITH_NUL = contém o caractere NUL (U+0000): retire-o
SETTING_NOT_ONE_OF = é “{ $text }”, e não um de { $words }
SETTING_NO_DECIMAL = é “{ $text }”, e não um decimal com no máximo seis casas
SETTING_NOT_BETWEEN = é { $number }, e não um número de { $least } a { $most }
SETTING_LOSSY_DECIMAL = é “{ $text }”, um decimal que não se conserva: escreva-o entre aspas
SETTING_NO_WHOLE = é “{ $text }”, e não um número inteiro de { $least } a { $most }
SETTING_NO_LIST = não é uma lista
SETTING_PAIR_NO_TEXT = tem uma chave que não é texto
SETTING_NO_VALUE = não tem valor
SETTING_UNKNOWN_NEAR = não é uma chave conhecida (seria { $near }?)
SETTING_UNKNOWN = não é uma chave conhecida (são conhecidas: { $known })
SETTING_EMPTY = está vazio
SETTING_NOT_ABOVE_0 = não é maior que 0
SETTING_BELOW_0 = é menor que 0
GROUP_CURRENCY = não é um código de três letras maiúsculas, como CNY
GROUP_CURRENCY_UNKNOWN = é { $code }, que não é uma moeda em vigor da ISO 4217: escreva uma, como CNY
GROUP_PERIOD_BACKWARDS = é { $to }, antes de from, que é { $from }
GROUP_PERIOD_TOO_LONG = forma um período de { $days } dias, e no máximo { $most } são fechados de uma vez: feche-o em partes
GROUP_REGION = coloca { $branch } na região { $region }: escreva de 1 a 32 caracteres entre a-z, 0-9 e -, como cn-east
GROUP_SAME_SIGN = é o mesmo sinal que decimal
POLICY_CUT_OVER = não é um horário de "00:00" a "11:59", entre aspas
SCHEME_WEIGHTS = têm pesos que somam { $sum }, não 100
SCHEME_ID_TAKEN = já é de um KPI anterior
SCHEME_WEIGHT = não é maior que 0: deixe o KPI de fora
SCHEME_CAP = é { $cap }, não acima do piso { $floor }
SCHEME_RANGE = está mais de { $most } acima do piso { $floor }
SCHEME_SMALL_SAMPLE = só tem sentido para proporções e médias: deixe de fora
SCHEME_OF_RECORDS = não tem sentido para a métrica records
SCHEME_OF_UNDEFINED = indica a métrica “{ $measure }”, que não está em measures{ $hint }
SCHEME_OF_MISSING = está faltando: indica a coluna a medir
SCHEME_OF_RESOLVED = é uma coluna de sim ou não, que tem proporção, mas não soma nem média
SCHEME_TEST_MISSING = não está completo: at_most ou at_least diz que atendimentos contam
SCHEME_TEST_USELESS = não está coerente: at_most e at_least não têm sentido aqui
SCHEME_MEASURES_TEXT = { $kpi } mede { $column }, uma coluna que contém texto
    .cell = linha { $line }: { $reason }
    .odd =
        { $kpi } mede { $column }, uma coluna de texto, pois { $count ->
            [one] uma célula não é número
           *[other] { $count } células não são números
        }: { $cells }
SCHEME_MEASURES_NOTHING = { $kpi } mede { $column }, que não é uma coluna de records.csv com valores{ $hint }
SCHEME_MEASURES_CURE = indique uma coluna de números em records.csv
    .odd = corrija as células ou indique uma coluna de números em records.csv
SCHEME_MEASURES_UNCOMPUTED = { $path } (KPI { $kpi }) mede algo que não é calculado
MEASURE_UNKNOWN_CURE = meça o número de atendimentos, a proporção resolved, a proporção com first_reply_seconds at_most 30, a proporção com rating at_least 4, a soma de amount, a média de uma coluna extra, ou qualquer outra coisa como métrica que o arquivo defina em measures
POOL_CURRENCY = é { $currency }, mas os valores do grupo estão em { $group }
POOL_BELOW_0 = é negativo: escreva o dinheiro que há a dividir, maior que 0
POOL_ZERO = é 0: deixe o arquivo de fora se não houver o que dividir
POOL_SHARES = tem participações que somam { $sum }, não 100
POOL_SHARE = não é maior que 0: deixe a parte de fora
POOL_TIERS_ELSEWHERE = só tem sentido com by: tiers
POOL_TIERS_MIXED = misturam top_percent e at_least: use um deles em todas as faixas
POOL_TIERS_PERCENT = têm top_percent que somam { $sum }, não 100
POOL_TIERS_RISE = têm at_least que não diminuem de faixa em faixa
POOL_TIERS_WEIGHTS_RISE = têm um peso acima do de uma faixa melhor: escreva a melhor faixa primeiro, cada uma com no máximo o peso da anterior
POOL_TIERS_WEIGHTLESS = têm só pesos 0
POOL_TIER_RULE = ou at_least é necessário, e só um deles
POOL_TIER_NAME_TAKEN = já é de uma faixa anterior
POOL_PERCENT_TOO_FINE = é { $percent }: escreva um percentual com no máximo quatro decimais
POOL_TIER_WEIGHT = está acima de 1000000
POOL_SHARE_TOO_FINE = { $percent }% tem mais de quatro decimais
POOL_SHARE_TOO_FINE_CURE = escreva participações e cotas com no máximo quatro decimais
OTHER_PERIOD = é de { $from } a { $to }, mas o que se fecha é de { $closed_from } a { $closed_to }
OTHER_PERIOD_CURE = corrija period ou deixe period de fora
POOL_IN_EMPTY_PERIOD = tem dinheiro, mas ninguém de people.csv tem vínculo de { $from } a { $to }
POOL_WITHOUT_PEOPLE_CURE = corrija hired_on e left_on ou deixe a verba de fora
SAVE_FILE_AS_UTF_8 = salve o arquivo em UTF-8
JOINED = { $one }{ $other }

## The command line: what cannot be done

STEP_FAILED = etapa: { $step }
NOBODY_CREDITED_AT_ALL = ninguém estava em serviço em nenhum dos atendimentos, e nenhum indica o atendente
    .people =
        { $rows ->
            [one] { $rows } linha foi rejeitada
           *[other] { $rows } linhas foram rejeitadas
        }, e das outras pessoas nenhuma estava em serviço em nenhum atendimento
    .duty =
        ninguém estava em serviço em nenhum dos atendimentos, e { $rows ->
            [one] { $rows } linha de escalas, marcações ou passagens foi rejeitada
           *[other] { $rows } linhas de escalas, marcações ou passagens foram rejeitadas
        }
NOBODY_EMPLOYED =
    ninguém tem vínculo entre { $from } e { $to }: { $people ->
        [one] { $people } pessoa foi lida
       *[other] { $people } pessoas foram lidas
    }, { $rejected ->
        [0] e nenhuma linha foi rejeitada
        [one] e { $rejected } linha foi rejeitada
       *[other] e { $rejected } linhas foram rejeitadas
    }
NOBODY_EMPLOYED_CURE = corrija hired_on e left_on ou o período
RECORD_RATE_MISSING_CURE = escreva em rates.csv a cotação desse dia ou de um anterior, com a fonte (colunas date, from, to, rate, source)
NOBODY_CREDITED_CURE = traga rosters.csv, punches.csv ou handovers.csv desses dias ou corrija as contas e os horários deles
    .rejected = corrija essas linhas primeiro: cada uma está em rejected.csv com a solução
OUT_NOT_EMPTY = a pasta de resultado não está vazia
OUT_IN_USE = outra execução está gravando o resultado dela ali
OUT_NOT_EMPTY_CURE = informe outra com --out ou remova-a primeiro
BUNDLE_NOT_EMPTY = a pasta não está vazia
BUNDLE_NOT_EMPTY_CURE = informe outra com --bundle ou remova-a primeiro
CLOSE_INTERRUPTED = você interrompeu: nada ficou em { $folder }, e o mesmo comando recomeça do zero
FINDINGS_ARE_IN = { $file } diz o que foi notado
REJECTED_ROWS_ARE_IN = { $file } mostra cada linha rejeitada
REJECTED_ROWS_UNWRITTEN = algumas linhas foram rejeitadas, e não foi possível gravar { $file }
STORE_IN_USE = outro processo do tally está trabalhando com os dados em { $folder }, e um armazenamento SQLite é para um por vez: pare aquele processo ou informe outros dados com --set database.url=sqlite://FOLDER/{ "{" }service{ "}" }.db
CURE_AND_REJECTED = { $cure }; { $file } mostra cada linha rejeitada
NOT_IN_MONTH = não há atendimento nem pessoa { $what } neste mês: informe um external_id de records.csv, como { $record }, ou um employee_no ou nome de people.csv, como { $person }
NO_MANIFEST = não contém manifest.json, portanto não é uma pasta de resultado
MANIFEST_DOUBLE = indica o arquivo { $file } duas vezes
MANIFEST_ELSEWHERE = indica o arquivo { $file }, que não é um arquivo da pasta
NO_MANIFEST_CURE = informe uma pasta que tally close gravou (com --out)
BAD_MANIFEST = { $error }
RESTORE_FOLDER_CURE = restaure a pasta de onde ela estava guardada
SUITE_NAMES_ANOTHER_PERSON = a suíte indica uma pessoa { $id } que o pacote não contém: um erro nosso
SUITE_NAMES_ANOTHER_ACCOUNT = a suíte indica uma conta { $id } que o pacote não contém: um erro nosso
SUITE_LISTS_LESS = a suíte não lista o que acabou de ser gravado: um erro nosso
CYCLE_WATCH_ENDED = o serviço parou de informar sobre o ciclo antes que ele fosse fechado: faça de novo
RECORDS_DO_NOT_ADD_UP =
    { $sent ->
        [one] { $sent } atendimento entrou
       *[other] { $sent } atendimentos entraram
    }, o ciclo conta { $counted } e saíram { $told }: um erro nosso
CANNOT_MAKE_FOLDER = não é possível criar a pasta { $folder }: { $error }
CANNOT_READ = não é possível ler { $file }: { $error }
CANNOT_WRITE = não é possível gravar { $file }: { $error }
IO_NOT_FOUND = não existe
IO_PERMISSION_DENIED = este usuário não tem permissão
IO_ALREADY_EXISTS = já existe: informe outro ou mova-o primeiro
IO_IS_A_FOLDER = é uma pasta
IO_NOT_A_FOLDER = uma parte do caminho não é pasta
IO_FOLDER_NOT_EMPTY = a pasta não está vazia
IO_DISK_FULL = o disco está cheio
IO_READ_ONLY = o disco é somente leitura
IO_ADDRESS_IN_USE = outro programa escuta ali
IO_ADDRESS_NOT_HERE = esta máquina não tem esse endereço
IO_NOT_TEXT = não é texto UTF-8
IO_NOBODY_LISTENS = ninguém escuta ali
IO_NO_ANSWER = nenhuma resposta chegou a tempo
IO_NO_WAY_THERE = não há caminho até lá a partir desta máquina
IO_NO_SUCH_HOST = nenhum host tem esse nome
IO_FOLDER_CLOSED = não é permitido gravar na pasta dele
TLS_SAYS = a biblioteca TLS diz: { $cause }
SERVER_SAYS = ele diz: { $cause }
IO_OTHER = o sistema diz: { $cause }
CURE_ALREADY_DIFFERENT = corrija a linha, se a suíte estiver certa; se a linha estiver certa, corrija o fato na suíte: uma importação não sobrescreve nada
CURE_DIFFERENT_CONTENT = corrija a linha, se a suíte estiver certa, ou dê a ela uma revisão mais alta, se a linha estiver certa: sem isso uma importação não sobrescreve nada
CURE_REFERS_TO_NOTHING = importe primeiro o atendimento a que ela se refere ou corrija refers_to
CURE_PERSON_UNKNOWN = acrescente a pessoa a people.csv e importe de novo
CURE_ACCOUNT_UNKNOWN = acrescente a conta a accounts.csv e importe de novo
CURE_ALIAS_OVERLAP = termine um significado do apelido (coluna to) antes que o outro comece
CURE_PLACE_WRONG = corrija a equipe em accounts.csv ou a região da filial dela em group.yaml
CURE_OUT_OF_REACH = peça que importe a linha alguém cujos direitos alcancem a equipe dela, que pode ter ido para outra filial, ou retire-a
CURE_RECORD_OUT_OF_REACH = peça que importe a linha quem tinha a equipe da conta no dia dela, ou o grupo
CURE_REPLY_RECORD_UNKNOWN = importe o atendimento com as mensagens dele ou peça que as importe alguém que possa importar atendimentos desse dia
CURE_CLAIM_WITHDRAWN = retire a linha: ela foi retirada com um motivo
CURE_ROWS_CONTRADICT = fique com a linha certa e importe de novo
CURE_KEPT_BACK = corrija primeiro o que este arquivo diz daquela linha, ou peça que a importe alguém cujos direitos a alcancem, e importe de novo: esta entra com ela
CURE_PERIOD_PURGED = primeiro aumente o tempo de guarda dos dados desses meses (SetRetention, no máximo 120 meses) e importe de novo, ou retire a linha
CURE_REFUSED_ROW = corrija o que é indicado e importe de novo: linhas que já entraram contam como existentes
    .file = corrija o que é indicado ou retire a linha

## Settings and arguments

SETTING_CANNOT_HOLD = configuração { $key }: { $problem }
SETTING_SET_IN = { $problem } ({ $place })
SETTING_IN_FILE = definida no arquivo { $file }
SETTING_IN_VARIABLE = definida pela variável de ambiente { $name }
SETTING_ON_COMMAND_LINE = definida na linha de comando
SETTING_NOT_KNOWN = não existe essa configuração; neste lugar há { $known }
SETTING_EXPECTED = é { $found }, e espera-se { $expected }
    .alone = espera-se { $expected }
SETTINGS_NOT_TOML = o arquivo não é TOML: veja se cada linha é [SECTION] ou KEY = VALUE
    .at = o arquivo não é TOML a partir da linha { $line }, coluna { $column }: veja se cada linha é [SECTION] ou KEY = VALUE e se os textos estão entre aspas
SETTING_FILE_MISSING = não existe o arquivo { $file }
SETTING_FILE_EMPTY = { $file } está vazio
SETTING_SERVICE_UNKNOWN = não existe o serviço { $name }; há { $known }
SETTING_SERVICES_NONE = informe pelo menos um de { $known }
SETTING_PEER_MISSING = { $name } não está neste processo (server.services): diga onde ele está, https://host:port
SETTING_AT_LEAST_ONE = espera-se pelo menos 1
SETTING_AT_MOST = espera-se no máximo { $most }
SETTING_SERVICE_TWICE = { $name } é indicado duas vezes: indique cada serviço uma só vez
SETTING_DATABASE_URL = espera-se sqlite://DIRECTORY/{ "{" }service{ "}" }.db ou postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_SERVICE_IN_URL = cada serviço tem um arquivo próprio: escreva { "{" }service{ "}" } no nome dele, sqlite://DIRECTORY/{ "{" }service{ "}" }.db, ou sqlite:///DIRECTORY/{ "{" }service{ "}" }.db para uma pasta que comece com /
    .role = cada serviço entra com uma role própria: escreva tally_{ "{" }service{ "}" } como role, postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_PEER_IN_CLEAR = { $address } está fora do loopback: espera-se https://host:port
SETTING_HTTP_IN_CLEAR = { $ip } está fora do loopback, e o gateway não usa TLS: deixe-o escutar no loopback atrás de um proxy que use, ou defina server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay se a própria rede criptografa
SETTING_NO_NETWORK = “{ $text }” não é uma rede: escreva um endereço com o comprimento do prefixo, como 10.0.0.0/8
SETTING_NO_ORIGIN = “{ $text }” não é uma origem: escreva esquema e host em minúsculas, sem caminho, como https://hr.example, ou * para todas
SETTING_CERTIFICATE_AND_KEY = um certificado e a chave dele andam juntos: defina os dois ou nenhum
SETTING_LISTEN_IN_CLEAR = { $ip } está fora do loopback: defina server.tls_certificate e server.tls_key
SETTING_KEYS_GENERATED = { $ip } está fora do loopback, onde chaves geradas não bastam: informe uma pasta
SETTING_PASSPHRASE_TWICE = keys.passphrase também está definida: defina só uma das duas
SETTING_LOG_LEVELS = “{ $part }” não é um nível ({ $levels }) nem MODULE=LEVEL, como tally_store=debug; vários são separados por vírgulas
SETTING_AUTHORITY_ALONE = ela diz quem assina os certificados de quem chama, e este servidor não usa TLS: defina também server.tls_certificate e server.tls_key
SETTING_NO_CERTIFICATE = o arquivo { $file } não contém um certificado que possa ser lido: informe um arquivo PEM com -----BEGIN CERTIFICATE-----
SETTING_NO_PRIVATE_KEY = o arquivo { $file } não contém uma chave privada que possa ser lida: informe um arquivo PEM com -----BEGIN PRIVATE KEY-----, não um criptografado
SETTING_KEY_OF_ANOTHER = a chave privada em { $file } não pertence ao certificado em { $certificate }: informe a chave para a qual este certificado foi emitido
SETTING_CERTIFICATE_OVER = o certificado em { $file } está vencido: valia até { $until }, e o relógio desta máquina marca { $now }. Obtenha um novo de quem o assinou; se o relógio estiver errado, acerte-o
    .early = o certificado em { $file } ainda não vale: começa em { $from }, e o relógio desta máquina marca { $now }. Se o relógio estiver errado, acerte-o; senão, aguarde ou informe o certificado anterior
SETTING_CERTIFICATE_OF_ANOTHER = o certificado em { $file } não é assinado pela autoridade em { $authority }, pela qual este processo e os serviços que ele chama (peers) se reconhecem: informe a autoridade que o assinou ou um certificado que esta assinou
SETTING_REDIS_URL = espera-se redis://HOST:PORT, ou rediss://HOST:PORT para TLS; a senha vem antes do host, redis://:PASSWORD@HOST:PORT
SETTING_ENDPOINT = espera-se o endereço de um coletor, como http://127.0.0.1:4317
SAMPLE_NEEDS_ALL = --sample precisa de todos os serviços em um só processo, e { $name } não foi indicado
EXPECT_ADDRESS = um endereço com porta, como 127.0.0.1:7070
EXPECT_ONE_OF = um de { $words }
EXPECT_WHOLE_NUMBER = um número inteiro
    .to = um número inteiro de 0 a { $most }
EXPECT_TRUE_OR_FALSE = true ou false
EXPECT_TEXT = um texto
EXPECT_LIST = uma lista, como ["a", "b"] ou a,b
EXPECT_OTHER = outro tipo de valor
EXPECT_UUID = um UUID
EXPECT_DATE = uma data, como 2026-03-31
EXPECT_INSTANT = um instante com a diferença de fuso, como 2026-03-31T09:00:00+08:00
EXPECT_FROM_TO = de { $from } a { $to }
ARG_VALUE_WRONG = { $arg }: “{ $value }” não serve; esperado: { $expected }
ARG_WITHOUT_VALUE = { $arg } precisa de um valor
ARG_VALUES_WRONG = { $arg }: espera-se outra quantidade de valores
ARG_UNKNOWN = não existe o argumento { $arg }
    .near = não existe o argumento { $arg }; seria { $near }?
COMMAND_UNKNOWN = não existe o comando { $name }
    .near = não existe o comando { $name }; seria { $near }?
COMMAND_MISSING = informe um comando: { $known }
ARG_MISSING = falta: { $arg }
ARG_CONFLICT = { $arg } não pode ser usado junto com { $other }
ARG_NOT_TEXT = um argumento não é texto UTF-8
ARG_USAGE = digite: { $usage } (--help diz mais)

## The command line: pages

SHOW_NOT_DONE = Não concluído
SHOW_NOT_DONE_STEP = { $step }: { $why }
SHOW_REST_IS_THERE = Tudo o que vem antes está na pasta de resultado; resolvida a causa, o mesmo comando com outro --out faz também o resto.
RUNG_TAG = indicado pela plataforma
RUNG_HANDOVER = ocupava a conta por passagem
RUNG_SOLE = sozinho em serviço
RUNG_INFERRED = inferido de quem estava ocupado quando
RUNG_EQUAL = dividido por igual entre quem estava em serviço
RUNG_SPLIT = dividido entre participantes
RUNG_CLAIM = reivindicado com um clique
RUNG_DEVICE = pelo dispositivo
RUNG_REPLIES = ponderado pelos horários das respostas
RUNG_TAG_SHARE = ponderado por nomes próximos
RUNG_TEAM = dividido pela equipe, nada mais se sabe
RUNG_UNATTRIBUTED = não creditado a ninguém
STEP_DUTY = pessoas, contas, jornada
STEP_RECORDS = atendimentos
STEP_REPLIES = mensagens dos atendimentos
STEP_CLAIMS = as reivindicações
STEP_RATES = as cotações
STEP_OBSERVATIONS = as observações
STEP_CYCLE = atribuição e pontuações
STEP_PUBLISH = publicação
STEP_SETTLEMENT = apuração
STEP_CREDITS = créditos
STEP_TOTALS = totais
STEP_CARDS = boletins
STEP_STATEMENTS = demonstrativos
STEP_FINDINGS = ocorrências
STEP_INPUTS = entradas
PROGRESS_READING = lendo
PROGRESS_MAKING = gerando um mês
PROGRESS_COUNTING = contando
PROGRESS_ROWS = linhas
KIND_MISSING_PUNCH = uma entrada sem a saída, ou o contrário
KIND_UNCOVERED_SHIFT = na escala, e com marcações nesse dia só em outros horários: o turno não conta
KIND_BARELY_COVERED_SHIFT = na escala, e com marcações nesse dia para outro turno: só conta a borda deste
KIND_HELD_BY_OTHERS = na escala, mas pelas passagens só outros ocuparam a conta: o turno não conta
KIND_NOT_EMPLOYED = um turno, uma marcação ou uma ocupação de quem não tem vínculo nesse momento
KIND_DOUBLE_IN = entrada marcada duas vezes: vale a segunda
KIND_OVERLAP = várias pessoas ocuparam uma conta ao mesmo tempo
KIND_MISSING_RELEASE = assumiu uma conta e nunca a devolveu
KIND_RELEASE_WITHOUT_TAKE = devolveu uma conta sem estar com ela
KIND_UNHELD_ACCOUNT = ninguém estava em serviço em uma conta, ou em alguns atendimentos dela
KIND_NO_DUTY_EVIDENCE = nenhuma escala, marcação ou passagem: toda a equipe conta como em serviço
KIND_NOT_SETTLED = não foi possível dividir a verba
KIND_ODD_PUNCHES = um número ímpar de marcações em um dia: a última não tem par
KIND_SINGLE_PUNCH = uma única marcação em um dia não tem par
KIND_PUNCHES_BETWEEN = marcações entre a primeira e a última de um dia ficaram de fora
KIND_LONG_PRESENCE = uma presença de mais de 13 horas a partir de marcações sem sentido definido
KIND_READ_AS_NIGHT = marcações sem sentido definido que foram lidas como noites
KIND_DAY_OR_NIGHT = marcações sem sentido definido que podem ser dias ou noites: consideradas dias
KIND_TAG_OFF_DUTY = um atendimento indica quem estava fora de serviço; vale o nome
KIND_NAMED_WITHOUT_AGENT = um atendimento de conta nominal não indica ninguém
KIND_MIXED_WITHOUT_TAG = atendimentos de conta mista sem nome
KIND_TOO_FEW_TO_INFER = poucos atendimentos para inferir: divisão por igual
KIND_SEVERAL_AT_ONCE = várias conversas ao mesmo tempo distinguem pouco as pessoas: divisão por igual
KIND_TOO_FEW_REPLIES = poucas respostas por pessoa para distingui-las: divisão por igual
KIND_REPLIES_TOO_DENSE = respostas próximas demais para distinguir as pessoas pelos horários: divisão por igual
KIND_EVIDENCE_UNEVEN = a proporção identificada varia muito de pessoa para pessoa: ponderação pelo que cada um deixa sem identificar
KIND_CLOCK_WITHOUT_SECONDS = o relógio das respostas não tem segundos: divisão por igual
KIND_CLAIM_OFF_DUTY = a reivindicação de quem não estava em serviço não conta
KIND_CLAIM_WITHOUT_RECORD = a reivindicação de uma conversa que nunca chegou
KIND_CLAIMS_DIFFER = várias pessoas reivindicam um atendimento, ou ele indica outra
KIND_DEVICE_OFF_DUTY = o dispositivo de quem não estava em serviço não conta
KIND_DEVICE_OF_SEVERAL = um dispositivo de várias pessoas ao mesmo tempo não conta
KIND_DEVICE_OF_NOBODY = um dispositivo foi usado quando não era de ninguém: nome escrito errado, de um posto sem escala ou associado em outros dias
KIND_EVIDENCE_NOT_READ = reivindicações, dispositivos ou horários de mensagens que a versão da política não lê
KIND_REPLY_OUTSIDE_RECORD = respostas antes ou depois do seu atendimento não contam
KIND_BREAKS_NOT_PUNCHED = horas de serviço sem interrupção e sem nenhum trabalho: pausas que ninguém marcou
KIND_CLOCKS_APART = mensagens de um relógio minutos diferente do dos atendimentos, lidas por este
KIND_DID_NOT_SETTLE = a inferência não se estabilizou: divisão por igual
KIND_CONTRIBUTOR_UNKNOWN = um atendimento indica um participante desconhecido
KIND_CONTRIBUTOR_OFF_DUTY = um atendimento indica um participante que estava fora de serviço; vale o nome
KIND_CONTRIBUTORS_NOT_SPLIT = atendimentos indicam participantes, e a política não os divide
KIND_UNKNOWN_AGENT = um atendimento indica alguém desconhecido
KIND_AMOUNTS_CONVERTED = valores foram convertidos de outra moeda
KIND_CONVERTED_ENCODING = um arquivo era GBK ou UTF-16 e foi convertido
KIND_CONVERTED_SEPARATOR = as colunas eram separadas por tabulações ou ponto e vírgula
KIND_MISSING_COLUMN = falta uma coluna: nada dela é medido
KIND_UNKNOWN_COLUMN = nada lê esta coluna; talvez o nome esteja errado
KIND_UNKNOWN_FILE = nada lê este arquivo; talvez o nome esteja errado
KIND_EMPTY_FILE = um arquivo opcional está vazio
KIND_DUPLICATE_RECORD = o mesmo atendimento várias vezes: considerado uma só vez
KIND_DUPLICATE_ROW = a mesma linha várias vezes: considerada uma só vez
KIND_OUTSIDE_PERIOD = atendimentos fora do período ficaram de fora com as mensagens deles, e reivindicações feitas fora dele também; observações fora dele não contam
KIND_DAMAGED_ID = ids, clientes ou outros valores que uma planilha pode ter danificado
KIND_HOUR_TWICE = os relógios foram atrasados: uma hora veio duas vezes
KIND_NO_VALUE = células que representam ausência de valor foram consideradas vazias
KIND_CLEANED_CELL = células foram lidas sem caracteres invisíveis ou sem uma casa decimal que uma exportação acrescentou
KIND_LONG_RECORD = atendimentos duram um dia ou mais
KIND_REPLIES_TOO_MANY = um atendimento tem mais mensagens do que pode ter
KIND_POPULATION_OF_NOBODY = a população indica um cargo ou um nível que ninguém tem
KIND_TRANSFER = alguém continua em outra unidade, outro cargo ou outro nível
KIND_REHIRE = alguém saiu e voltou
KIND_TEAM_WITHOUT_PEOPLE = a equipe de uma conta não tem pessoas
KIND_BRANCH_WITHOUT_PEOPLE = uma filial não tem pessoas
KIND_MEASURE_NOT_SENT = ninguém tem dados de uma métrica: o indicador dela não conta para ninguém
KIND_OBSERVATIONS_BEYOND_PERIOD = observações ultrapassam o período: não contam
KIND_OBSERVATIONS_UNREAD = nenhum indicador lê a métrica de observações; talvez o nome esteja errado
KIND_REFUND_EXCEEDS_SALE = reembolsos são maiores que a venda
SHOW_HEADLINE = { $group }, de { $from } a { $to }
SHOW_SIZE =
    { $records ->
        [one] { $records } atendimento
       *[other] { $records } atendimentos
    } em { $accounts ->
        [one] { $accounts } conta
       *[other] { $accounts } contas
    }, { $people ->
        [one] { $people } pessoa
       *[other] { $people } pessoas
    }
SHOW_REJECTED =
    { $count ->
        [one] { $count } linha foi rejeitada: rejected.csv diz por quê e o que mudar
       *[other] { $count } linhas foram rejeitadas: rejected.csv diz quais, por quê e o que mudar
    }
SHOW_NOT_SPLIT = A verba não foi dividida
SHOW_SCORES_KEPT = Créditos, boletins e ocorrências estão completos; corrija isto e feche o mês de novo.
SHOW_NO_POOL = Sem verba, sem apuração
SHOW_NO_POOL_HINT = Coloque um pool.yaml no pacote para transformar as pontuações em dinheiro.
SHOW_POOL = A verba
SHOW_AMOUNT = valor
SHOW_TO_PEOPLE =
    para { $people ->
        [one] { $people } pessoa
       *[other] { $people } pessoas
    }
SHOW_TO_FUND = para o fundo da equipe
SHOW_THREE_STATEMENTS = Três demonstrativos, até o último centavo
SHOW_BESIDE_EQUAL =
    Uma divisão por igual pagaria a todos cerca de { $equal }: { $more ->
        [one] { $more } pessoa recebe mais que isso
       *[other] { $more } pessoas recebem mais que isso
    } (até +{ $most }), { $less ->
        [one] { $less } recebe menos
       *[other] { $less } recebem menos
    } (até { $least }).
SHOW_STATEMENT_HEAD = { $name } { $number }: { $total }  (divisão por igual: { $equal })
SHOW_WORTH_A_LOOK = Vale a pena olhar (findings.csv tem cada ocorrência)
SHOW_TIMINGS = Quanto tempo levou, e o digest
SHOW_SECONDS = { $step } { $seconds } s
SHOW_IN_ALL = { $total } s no total: { $longest }
SHOW_SAME_DIGEST = os mesmos arquivos o geram em qualquer dia e máquina
SHOW_WHO_SERVED = Quem atendeu o quê, e com que certeza
SHOW_CERTAIN =
    { $certain } se baseiam em um nome ou em uma só pessoa; { $rest ->
        [one] { $rest } atendimento não é creditado a ninguém, com o motivo.
       *[other] { $rest } atendimentos não são creditados a ninguém, cada um com o motivo.
    }
SHOW_BUSIEST = As contas compartilhadas mais movimentadas (intervalos de 90%)
SHOW_WORTH = O que mais evidências trariam
SHOW_WORTH_SAID = Atendimentos que se espera que sejam creditados a quem não os fez, agora e com mais evidências: é o esperado, não uma promessa. evidence.csv tem todas as contas.
SHOW_COLUMN_NOW = agora
SHOW_COLUMN_BREAKS = pausas marcadas
SHOW_COLUMN_DEVICES = dispositivos em 30%
SHOW_COLUMN_CLAIMS = metade reivindicada
SHOW_COLUMN_RECORDS = atendimentos
SHOW_COLUMN_INTERVAL = intervalo de 90%
SHOW_COLUMN_CERTAIN = certos
SHOW_COLUMN_ACCOUNT = conta
SHOW_OTHERS =
    { $others ->
        [one] { $others } outra pessoa
       *[other] { $others } outras pessoas
    }
SHOW_SCORES =
    { $people ->
        [one] Pontuação de { $people } pessoa
       *[other] Pontuações de { $people } pessoas
    } ({ $scheme })
SHOW_OUTSIDE =
    { $people ->
        [one] { $people } pessoa fora da população não tem
       *[other] { $people } pessoas fora da população não têm
    } boletim nem pagamento aqui; { $people ->
        [one] creditados a ela
       *[other] creditados a elas
    }: { $records ->
        [one] { $records } atendimento
       *[other] { $records } atendimentos
    }
SHOW_COLUMN_PLACE = #
SHOW_COLUMN_WHO = quem
SHOW_COLUMN_TEAM = equipe
SHOW_COLUMN_CREDITED = creditados
SHOW_COLUMN_SCORE = pontuação
SHOW_COLUMN_COLLABORATION = colaboração
SHOW_CARD =
    { $name } { $number }: { $score ->
        [one] { $score } ponto
       *[other] { $score } pontos
    }, posição { $rank } de { $of }
SHOW_COLLABORATION =
    Colaboração: { $outside } de { $credited } atendimentos fora da própria escala ou equipe acrescentam { $points ->
        [one] { $points } ponto
       *[other] { $points } pontos
    }.
SHOW_RECORD = Atendimento { $id } em { $account }
SHOW_EVIDENCE = Evidência: { $evidence } (política { $version })
SHOW_NOTHING_CREDITED = Nenhum atendimento do mês é creditado a esta pessoa.
SHOW_ALL_ACCOUNTS = todas
SHOW_SCORE_STEPS = A pontuação, passo a passo
SHOW_STATEMENT = O demonstrativo
SHOW_RECORDS_BEHIND = Atendimentos por trás dela: { $shown } de { $all } (credits.csv tem todos)
DEMO_TRUTH = A que distância da verdade (a demonstração a conhece)
DEMO_RIGHT = certo, atendimento por atendimento
DEMO_WRONG = errado no mês
DEMO_EQUALLY = cada atendimento dividido por igual na equipe
DEMO_AS_TALLY = como o Tally os credita
DEMO_TRUTH_SAID = Nos { $records } atendimentos em que nenhuma plataforma indicou nome: quanto de um atendimento chega a quem o fez, e quanto do trabalho do mês fica em outro nome depois que os erros se compensam.
DEMO_INTERVALS = { $holding } dos { $totals } intervalos das pessoas nestas contas contêm a verdade.
DEMO_RUNGS_SAID = Que evidência traz isso, degrau por degrau:
DEMO_RUNG_RECORDS = atendimentos
DEMO_RUNG_EQUALLY = certo se dividido por igual
DEMO_RUNG_TALLY = certo como creditado
DEMO_RUNG_GAIN = parte do ganho
DEMO_SKILLS = O que o mês mostrou sobre competências e cobertura
DEMO_LATE = as evidências ainda estão a caminho
DEMO_PROFILE = { $name } { $number }: atendeu em { $accounts } ({ $platforms }); colaboração { $points }
DEMO_STANDARD = { $scheme } (o padrão do grupo)
DEMO_USER_BRANCH_HR = fecha o mês de { $branch }; não vê nenhuma outra filial
DEMO_BRANCHES = Cada filial fecha o próprio mês
DEMO_BRANCHES_SAID = A partir da mesma atribuição, cada uma com o seu refinamento do padrão do grupo, que permite a uma filial dar a um indicador até { $within } pontos de peso a mais ou a menos. As posições são dentro da filial.
DEMO_COLUMN_BRANCH = filial
DEMO_COLUMN_FAVOURS = dá mais peso a
DEMO_COLUMN_PEOPLE = pessoas
DEMO_COLUMN_CREDITED = dos atendimentos
DEMO_COLUMN_FIRST = primeiro lugar
DEMO_COLUMN_SCORE = pontuação
DEMO_COLUMN_IN_GROUP = posição no grupo
DEMO_MANAGERS =
    { $people ->
        [one] Boletim de { $people } pessoa que não atende ninguém
       *[other] Boletins de { $people } pessoas que não atendem ninguém
    }
DEMO_MANAGERS_SAID = Do que as equipes tiveram, cada equipe conforme a composição de cada dia, em percentual.
DEMO_MANAGERS_SCHEME = Gestores
DEMO_RIGHT_HEADING = { $branch } é corrigida depois de publicada e paga
DEMO_RIGHT_PAID =
    { $amount } foram pagos a { $people ->
        [one] { $people } pessoa
       *[other] { $people } pessoas
    }.
DEMO_RIGHT_RATINGS =
    Depois a plataforma envia de novo { $ratings ->
        [one] { $ratings } nota de cliente de { $account }, reduzida a 1
       *[other] { $ratings } notas de clientes de { $account }, cada uma reduzida a 1
    }. { $cycles ->
        [one] { $cycles } ciclo se baseia
       *[other] { $cycles } ciclos se baseiam
    } nisso; o que foi publicado e lançado fica como está.
DEMO_RIGHT_REASON = Compradores mudaram suas notas depois
DEMO_RIGHT_CARDS =
    A correção dá a { $people ->
        [one] { $people } pessoa uma nova versão do boletim
       *[other] { $people } pessoas uma nova versão do boletim
    }.
DEMO_RIGHT_DELTAS =
    { $people ->
        [one] { $people } pessoa recebe outro valor
       *[other] { $people } pessoas recebem outro valor
    }: { $more } a mais e { $less } a menos, com a próxima apuração da filial. As maiores diferenças:
DEMO_RIGHT_CARD = O que { $name } lê:
DEMO_COLUMN_WHO = quem
DEMO_COLUMN_PAID = foi pago
DEMO_COLUMN_RIGHT = é o certo
DEMO_COLUMN_DELTA = diferença
DEMO_NEXT = E agora
DEMO_OWN_MONTH = o seu próprio mês; docs/bundle.md diz o que vai na pasta
DEMO_AGAIN = este mês de novo, com arquivos para ver
DEMO_COPY = gravar este mês em arquivos, para copiar
DEMO_WHY = por que uma pessoa ou um atendimento ficou assim
DEMO_REPLAY = recalcular e comparar cada byte
DEMO_CONSOLE = Abra http://{ $address } em um navegador; Ctrl-C encerra
DEMO_FIRST = O que ver primeiro: { $agent } vê o mês e o pagamento de um atendente, { $supervisor } quem ocupou uma conta e quando, hr1 fecha um mês, payroll, approver e payer o pagam, auditor vê tudo.
DEMO_GRPC = gRPC: http://{ $address }
DEMO_PASSWORD = Uma senha para todos, criada para esta execução: { $password }
DEMO_TOKEN = Um token: { $command }
DEMO_HTTP = REST, com JSON: http://{ $address }/openapi.json diz o que há
DEMO_CLOCK = O relógio do grupo ficou parado no dia seguinte ao mês enquanto ele era fechado e continua a partir dali. Nada é guardado.
DEMO_USER_ADMIN = monta o grupo e concede papéis; não vê pontuação nem pagamento de ninguém
DEMO_USER_HR = pessoas, jornada, ciclos; não vê pagamento de ninguém
DEMO_USER_PAYROLL = verbas e apurações; não pode aprovar as próprias
DEMO_USER_APPROVER = aprova o que outra pessoa preparou
DEMO_USER_PAYER = lança o que outras duas pessoas prepararam e aprovaram
DEMO_USER_AUDITOR = lê tudo, não altera nada
REPLAY_VERSION = { $what }: o resultado foi calculado com { $then }, esta é { $now }
REPLAY_TZDB = base de dados de fusos horários
REPLAY_IDENTICAL = idêntico: { $files } arquivos, digest { $digest }
REPLAY_NOT_COVERED = não comparados, pois as entradas não contêm aquilo de que foram feitos: { $files }
REPLAY_ALTERED = alterado: { $what }
REPLAY_DIFFERENT = diferente: { $file }, linha { $line }
REPLAY_MISSING = falta na pasta: { $file }
REPLAY_INPUT_CHANGED = inputs/{ $file }: o conteúdo foi alterado
REPLAY_INPUT_MISSING = inputs/{ $file }: está faltando ou não pode ser lido
REPLAY_INPUT_ADDED = inputs/{ $file }: foi acrescentado
REPLAY_IN_FOLDER = na pasta:    { $line }
REPLAY_RECOMPUTED = recalculado: { $line }
REPLAY_ENDS = (o arquivo termina antes desta linha)

## Replaying over the rpcs


## The command line: help. HELP_ and the name of a command, its arguments by name; HELP_SHARED has what several take alike

PAGE_USAGE = Uso:{ " " }
PAGE_COMMANDS = Comandos:
PAGE_ARGUMENTS = Argumentos:
PAGE_OPTIONS = Opções:
PAGE_DEFAULT = { " " }[padrão:{ "\u00A0" }{ $value }]
PAGE_VALUES = { " " }[valores possíveis:{ "\u00A0" }{ $values }]
PAGE_ENV = { " " }[ambiente:{ "\u00A0" }{ $name }]
HELP_SHARED =
    .help = Mostra a ajuda
    .version = Mostra a versão
    .bundle = Pasta com people.csv, accounts.csv, records.csv e o mais que houver (docs/bundle.md)
    .from = Primeiro dia do período, como 2026-03-01, junto com --to; por padrão, o período de group.yaml, senão o mês que contém todos os atendimentos
    .to = Último dia do período, como 2026-03-31, que faz parte dele
    .lang = Idioma das frases, e dos nomes em `tally demo`; também pode vir antes do comando; por padrão, o do ambiente (LC_ALL, LC_MESSAGES, LANG)
    .plain-csv = CSV para programas: sem a marca de ordem de bytes e sem o apóstrofo antes de células que começam como fórmula, de que as planilhas precisam
    .json = Mostra só o resumo, em JSON
    .server = Onde a suíte escuta, como https://tally.example:7070; por padrão, client.server das configurações, senão onde `tally login` entrou por último, senão http://127.0.0.1:7070
    .ca = Arquivo da autoridade que assina o certificado do servidor (PEM); por padrão, aquelas em que esta máquina confia
    .client-cert = Arquivo da cadeia de certificados a apresentar a um servidor que a exija (PEM), junto com --client-key
    .client-key = Arquivo da chave privada de --client-cert (PEM)
    .token-file = Arquivo que contém um token, ou - para a entrada padrão; por padrão, o que `tally login` guarda, senão a entrada padrão
    .config = Arquivo de configurações (TOML)
    .set = Define uma chave, como database.url=postgres://..; pode ser repetido
    .dump-config = Mostra as configurações em vigor, com os segredos ocultos, e encerra
HELP_TALLY = Quem fez que trabalho, quanto ele valeu, quanto paga e por quê
HELP_HELP = Mostra esta página, ou a de um comando
HELP_DEMO = Mostra a tarefa principal em um grupo fictício: um mês de atendimentos vira demonstrativos, em SQLite em uma pasta temporária
    .once = Encerra depois do resumo em vez de disponibilizar o grupo
    .seed = Número a partir do qual o grupo é gerado: outro gera outro grupo
    .records = Quantos atendimentos, aproximadamente, o mês tem, de 1 a 5,000,000; abaixo de 100, são 100
    .bundle = Pasta nova ou vazia em que gravar os arquivos do mês, para copiar
    .listen = Endereço e porta em que atender depois do resumo
    .http = Endereço e porta do REST depois do resumo
HELP_CLOSE = Faz a tarefa principal com os seus próprios arquivos: um mês de atendimentos vira boletins e demonstrativos
    .out = Pasta do resultado: nova ou vazia
    .explain = Explica no fim um atendimento (external_id) ou uma pessoa (matrícula ou nome)
    .database = Trabalha em PostgreSQL em vez de SQLite em uma pasta temporária: a URL do proprietário de um banco de dados vazio
HELP_IMPORT = Leva os arquivos de um mês para uma suíte em execução e diz o que há antes e depois
    .out = Pasta para report.json, findings.csv, rejected.csv e refused.csv
    .accept-damaged = Grava também linhas em que uma planilha encurtou ids ou clientes: a suíte as guarda assim para sempre
    .json = Mostra só o relatório, em JSON
HELP_REPLAY = Recalcula uma pasta de resultado a partir das próprias entradas e diz se sai o mesmo e que arquivos isso não abrange
    .dir = Pasta de resultado, como `tally close` a gravou
    .json = Mostra só o veredito, em JSON
HELP_SERVE = Executa um, alguns ou todos os serviços
    .services = Quais serviços, separados por vírgulas, como identity,attendance; por padrão, os das configurações, que são todos
    .listen = Endereço e porta em que escutar; por padrão, os das configurações, 127.0.0.1:7070
    .http = Endereço e porta do gateway, se este processo o tem; por padrão, os das configurações, 127.0.0.1:8080
    .sample = Começa com o grupo fictício de `tally demo` em um armazenamento vazio
HELP_INIT = Cria o grupo e o primeiro administrador em um armazenamento vazio
    .name = O nome do grupo
    .currency = A moeda do grupo (ISO 4217)
    .zone = O fuso horário do grupo (IANA)
    .regions = As regiões do grupo, separadas por vírgulas, como cn-east,cn-south
    .tenant-id = O id do grupo, escolhido de antemão ou o da instalação de outra região; se o armazenamento já contém este mesmo grupo, nada é alterado, e isso não é uma falha
    .login = Nome de login do primeiro administrador
    .password-file = Arquivo que contém a senha do administrador (pelo menos 12 caracteres); sem ele, a senha é a primeira linha da entrada padrão
    .invitation-file = Arquivo que contém o que `tally invite` mostrou, se o armazenamento já contém outro grupo
HELP_INVITE = Mostra um convite para criar mais um grupo em um armazenamento que já contém um (PostgreSQL)
    .tenant-id = O id do grupo, se uma instalação de outra região já o criou; por padrão, um grupo novo
    .days = Por quantos dias ele vale, no máximo 30
HELP_MIGRATE = Atualiza o banco de dados (PostgreSQL: com a URL do proprietário)
HELP_LOGIN = Troca uma senha, a primeira linha da entrada padrão, por um token que os próximos comandos usam
    .login = Nome de login
    .code = Os seis algarismos do seu aplicativo autenticador, ou um código de recuperação, se você tem um segundo fator
    .new-password = A senha foi dada a você para um único login: a segunda linha da entrada padrão é a sua nova senha
HELP_USER = Dá acesso a pessoas e programas
HELP_USER_CREATE = Cria um login com um papel, no grupo inteiro ou em uma unidade
    .login = Nome de login
    .role = O papel, como group_hr, ou branch_hr com --unit
    .unit = A unidade, como East, com tudo abaixo dela até onde o papel alcança; por padrão, o grupo inteiro
    .password-file = Arquivo que contém a primeira senha (pelo menos 12 caracteres), ou - para a entrada padrão
HELP_USER_GRANT = Dá a um login mais um papel, ou o que lhe falta
    .login = Nome de login
    .role = O papel, como group_hr ou auditor
    .unit = A unidade, como East/Chat, com tudo abaixo dela até onde o papel alcança; por padrão, o grupo inteiro
HELP_TENANT = Leva consigo os dados de um grupo inteiro
HELP_TENANT_EXPORT = Grava em uma pasta tudo o que cada serviço contém do grupo, um arquivo de linhas JSON por tabela
    .out = A pasta; não pode existir ainda
    .quiet = Não mostra o andamento
HELP_PERSON = Extrai o que se guarda sobre uma pessoa
HELP_PERSON_EXPORT = Grava em um arquivo JSON tudo o que cada serviço guarda sobre uma pessoa
    .person = A pessoa: a matrícula ou o id (UUID)
    .out = O arquivo; não pode existir ainda
HELP_RETENTION = Cuida de por quanto tempo os dados são guardados
HELP_RETENTION_RUN = Remove de cada serviço o que os prazos de retenção do grupo dizem que venceu
HELP_AUDIT = Consulta o log de auditoria
HELP_AUDIT_VERIFY = Recalcula a cadeia de cada serviço, procura o registro de cada linha e indica o que está errado
    .heads = Pasta de cabeças assinadas por que os logs devem passar; por padrão, a das configurações
HELP_AUDIT_SEARCH = Diz quem viu ou alterou algo sobre uma pessoa, o que uma identidade fez ou o que foi feito com um objeto; o mais novo primeiro
    .person = Sobre esta pessoa (UUID)
    .principal = Por esta identidade (UUID), ou em nome dela
    .subject = Feito com este objeto, como statement:0199..
    .from = Não antes deste instante (RFC 3339), como 2026-03-01T00:00:00+08:00
    .to = Antes deste instante (RFC 3339)
    .json = Mostra um objeto JSON por linha
HELP_SCHEME = Leva um padrão do grupo de uma instalação para outra, e começa com um modelo de avaliação pronto
HELP_SCHEME_EXPORT = Mostra o arquivo assinado de um modelo de avaliação do grupo, com todas as versões
    .name = O nome dele
    .from = A região de que ele sai, se a instalação atende várias
HELP_SCHEME_IMPORT = Importa um arquivo que a instalação de outra região exportou
    .file = O arquivo
HELP_SCHEME_TEMPLATE = Mostra como scheme.yaml um modelo de avaliação com que começar, ou diz quais há
    .name = Nome do modelo de avaliação; sem ele, todos são listados
    .out = Arquivo em que gravá-lo, que não pode existir ainda
HELP_ACCESS = Diz quem pode o quê, para uma revisão
HELP_ACCESS_REVIEW = Diz em CSV quem tem uma permissão, por qual concessão, delegação ou acesso de emergência, desde quando e de quem; a concessão mais nova primeiro
    .permission = A permissão, como compensation.statement.read_pay para ler pagamentos
HELP_KEYS = Cuida das chaves: as que assinam tokens e as do que está selado no banco de dados
HELP_KEYS_MAKE = Cria a pasta de chaves com todos os arquivos, para os secrets de um cluster; o que já existe fica como está
HELP_KEYS_PROTECT = Criptografa seal.key com uma frase secreta, ou troca a frase secreta
    .new-passphrase-file = Arquivo que contém a nova frase secreta (pelo menos 12 caracteres); sem ele, a frase secreta é a primeira linha da entrada padrão
HELP_KEYS_ROTATE = Cria chaves novas com os serviços em funcionamento e sela tudo com elas; continua de onde uma execução anterior parou
    .what =
        Quais chaves; por padrão, master e data
        file: só acrescenta uma chave mestra a seal.key, para distribuir o arquivo antes que algo seja protegido com ela
        master: a chave mestra em seal.key; rápido, nada é selado de novo
        data: as chaves de dados; cada linha selada é selada de novo
HELP_KEYS_ROTATE_SIGNING = Dá a um serviço uma chave nova para assinar tokens; processos em execução passam a usá-la sozinhos em até um minuto
    .service = O serviço, como identity

## The command line: what was done

CANNOT_MAKE_TEMPORARY = não é possível criar uma pasta temporária: { $error }
CANNOT_REPLACE = não é possível substituir { $file }: { $error }
CANNOT_CREATE = não é possível criar { $file }: { $error }
CANNOT_WRITE_TO = não é possível gravar em { $folder }: { $error }
OUTPUT_LOST = não foi possível gravar toda a saída: { $error }
CANNOT_START = não é possível iniciar: { $error }
CANNOT_LISTEN = não é possível escutar em { $address }; informe outro endereço com { $flag } ou encerre depois do resumo com --once: { $error }
NOT_OF_TALLY = { $file } não é o que o tally grava, a partir da linha { $line }, coluna { $column }
SAMPLE_SKIPPED = o armazenamento já contém um grupo: --sample o deixa como está
SERVING_HTTP = o gateway está em http://{ $address }, e o que ele oferece em http://{ $address }/openapi.json
SAMPLE_FILLED = Preenchido com o grupo de exemplo. Uma senha para todos, mostrada só desta vez: { $password }
SERVING = { $services } disponível em { $scheme }://{ $address }
NO_GROUP_YET = ainda não há grupo neste armazenamento, portanto ninguém pode entrar: pare este processo, digite `tally init --name "Meu grupo"` com as mesmas configurações e inicie-o de novo
    .beside = ainda não há grupo neste armazenamento, portanto ninguém pode entrar: digite `tally init --name "Meu grupo"` com as mesmas configurações, paralelamente a este processo
REGION_OF_NO_GROUP = server.regions indica { $region }, e nenhum grupo deste armazenamento tem essa região (há { $known }): este processo não atende nenhuma linha de outra região; corrija server.regions ou deixe-o vazio para atender todas
REDIS_AWAY = o Redis não responde em { $at } (redis.url). Tudo funciona sem ele: até que volte, cada processo conta as chamadas por si, e os consumidores procuram eventos a cada poucos segundos em vez de serem acordados
FILE_SWITCH = { $switch }: { $why }
ASK_PASSWORD_TWELVE = senha (pelo menos 12 caracteres, visível ao digitar):{ " " }
ASK_PASSWORD = senha (visível ao digitar):{ " " }
ASK_NEW_PASSWORD = nova senha (pelo menos 12 caracteres):{ " " }
ASK_NEW_PASSPHRASE = nova frase secreta (visível ao digitar):{ " " }
NO_PASSWORD_GIVEN = não há senha na entrada padrão: digite uma ou envie-a por pipe
SET_EXPECTED = --set { $pair }: espera-se KEY=VALUE
SUBJECT_EXPECTED = --subject: espera-se KIND:ID, como statement:0199..
GROUP_DIFFERS = o grupo { $id } já foi criado neste armazenamento e difere do que foi digitado ({ $differences }): nada é alterado. Digite o que ele é ou escolha outro armazenamento
GROUP_DIFFERENCE = { $what } { $there } e não { $typed }
GROUP_WAS_MADE = o grupo { $id } já foi criado neste armazenamento: nada é alterado
GROUP_MADE = criado o grupo { $name } ({ $id }) com o administrador { $login }
GROUP_NEXT = a seguir: tally serve, depois tally login { $login }
OWNER_URL_MISSING = os schemas do PostgreSQL são criados pelo proprietário deles: defina-a (TALLY_DATABASE_OWNER_URL) com a URL do proprietário, postgres://OWNER:PASSWORD@HOST/DATABASE
OWNER_URL_ALONE = ela é SQLite enquanto database.owner_url está definida: defina-a (TALLY_DATABASE_URL) com a URL com que os serviços entram ou deixe database.owner_url de fora
MIGRATED = { $service }: { $ran }
UP_TO_DATE = atualizado
AUDIT_VERIFIED =
    { $service }: { $entries ->
        [one] { $entries } registro
       *[other] { $entries } registros
    }, { $rows ->
        [one] { $rows } linha
       *[other] { $rows } linhas
    }, { $heads ->
        [one] { $heads } cabeça exportada
       *[other] { $heads } cabeças exportadas
    }: { $verdict }
AUDIT_INTACT = íntegro
AUDIT_ON_BEHALF = { " " }em nome de { $id }
AUDIT_FAULT = { $table } de { $stream }: { $place } { $defect }
AUDIT_PLACE = o registro { $at }
    .unnumbered = um registro sem número
    .named = { $place } ({ $id })
    .row = a linha { $row }
    .row-of = a linha { $row } (registro { $id })
    .line = a linha { $row }
AUDIT_DEFECT = não é o que o serviço gravou
    .chain = não decorre do registro anterior (inserção, troca ou mudança de lugar)
    .missing = está faltando
    .truncated = está faltando, e tudo depois até a cabeça assinada
    .beyond = fica além da cabeça assinada
    .head = é a cabeça, cuja assinatura falta ou não é do serviço
    .unnumbered = espera uma posição há mais de cinco segundos: há um sequenciador em execução?
    .forked = não é o registro cuja cabeça foi exportada: o log anterior a ele foi trocado
    .older = está faltando, embora uma cabeça posterior tenha sido exportada: um log mais antigo foi colocado de volta
    .exported = não é uma cabeça deste serviço, ou volta para trás de uma linha anterior
    .unaccounted = não tem registro de auditoria: nenhuma unidade de trabalho a gravou
    .borrowed = ou uma vizinha tomou emprestado o registro de auditoria, que gravou menos linhas do que as que o indicam
AUDIT_FAULTS =
    { $count ->
        [one] { $count } falha
       *[other] { $count } falhas
    }
AUDIT_FOUND =
    { $count ->
        [one] { $count } registro
       *[other] { $count } registros
    }
REVIEW_FOUND =
    { $count ->
        [one] { $count } forma de ter { $permission }
       *[other] { $count } formas de ter { $permission }
    }
INVITE_ONE_GROUP = ela indica arquivos SQLite, que contêm um só grupo, portanto ninguém pode ser convidado; vários grupos precisam de PostgreSQL (TALLY_DATABASE_URL=postgres://...)
INVITED =
    permite a entrada do grupo { $tenant } por { $days ->
        [one] { $days } dia
       *[other] { $days } dias
    }: entregue-o a InitTenant ou a `tally init --invitation-file`
KEYS_MADE = { $folder } contém seal.key e as chaves de assinatura de todos os serviços: faça backup dela
PASSPHRASE_TOO_SHORT = a nova frase secreta é curta demais: pelo menos { $least } caracteres
KEYS_PROTECTED = { $file } está protegido pela nova frase secreta
KEYS_PROTECTED_NEXT = a seguir: defina TALLY_KEYS_PASSPHRASE ou TALLY_KEYS_PASSPHRASE_FILE para cada serviço e faça backup do arquivo
KEYS_WRAPPED =
    { $service }: { $count ->
        [one] { $count } chave de dados protegida
       *[other] { $count } chaves de dados protegidas
    } com a chave mestra mais nova
KEYS_STOPPED = parado; nada se perdeu: o mesmo comando continua de onde este estava
MASTER_KEY_ADDED = a chave mestra { $id } está em { $file }: faça backup do arquivo
MASTER_KEY_KEPT =
    { $count ->
        [one] { $count } chave de dados está
       *[other] { $count } chaves de dados estão
    } sob uma chave mestra mais antiga: enquanto for assim, nenhuma outra é acrescentada
KEYS_STEP =
    { $service }: { $table }.{ $column }, { $rows ->
        [one] { $rows } linha
       *[other] { $rows } linhas
    }
KEYS_REPLACED =
    { $service }: { $keys ->
        [one] { $keys } chave de dados substituída
       *[other] { $keys } chaves de dados substituídas
    }, { $rows ->
        [one] { $rows } linha selada de novo
       *[other] { $rows } linhas seladas de novo
    } ({ $speed } linhas/s)
KEYS_REPLACED_RESUMED =
    { $service }: { $keys ->
        [one] { $keys } chave de dados de uma execução anterior substituída
       *[other] { $keys } chaves de dados de uma execução anterior substituídas
    }, { $rows ->
        [one] { $rows } linha selada de novo
       *[other] { $rows } linhas seladas de novo
    } ({ $speed } linhas/s)
NO_SUCH_SERVICE = nenhum serviço se chama { $service }: informe um de { $services }
SIGNING_KEY_ROTATED = { $service }: a chave nova assina a partir de { $from }; a antiga vale para o que assinou
PERSON_EXPORTED =
    gravado em { $file }; { $withheld ->
        [one] { $withheld } linha retida
       *[other] { $withheld } linhas retidas
    } que você não pode ler
    .untold =
        gravado em { $file }; { $withheld ->
            [one] { $withheld } linha retida
           *[other] { $withheld } linhas retidas
        } que você não pode ler; nada informado por { $services }: ou nada se guarda ali sobre a pessoa, ou só linhas de unidades e dias que você não alcança. Quem lê pessoas do grupo inteiro recebe tudo
PERSON_EXPORTED_BEYOND = há mais linhas sobre a pessoa em { $services }, de unidades e dias que você não alcança. Quem lê pessoas do grupo inteiro recebe tudo
GROUP_EXPORTED =
    { $rows ->
        [one] { $rows } linha gravada
       *[other] { $rows } linhas gravadas
    } em { $folder }; { $withheld ->
        [one] { $withheld } retida
       *[other] { $withheld } retidas
    } que você não pode ler
RETENTION_TAKEN =
    { $service }: { $rows ->
        [one] { $rows } linha
       *[other] { $rows } linhas
    } de { $table } ({ $kind })
RETENTION_DONE =
    { $rows ->
        [one] { $rows } linha removida
       *[other] { $rows } linhas removidas
    }
INPUT_NOT_READ = a entrada padrão não foi lida: --token-file - lê um token dali
USER_CREATED = { $login } pode entrar, com o papel { $role }
USER_ROLE_UNKNOWN = não há papel { $role } que possa ser concedido no grupo inteiro ou em uma unidade; nenhum login foi criado. Há: { $roles }
    .grant = não há papel { $role }. Há: { $roles }
USER_ROLE_WITHOUT_UNIT = o papel { $role } não é concedido em uma unidade: deixe --unit de fora
USER_ROLE_OF_A_UNIT = o papel { $role } é concedido em uma unidade: indique-a com --unit
USER_UNIT_UNKNOWN = não há unidade { $unit }{ $hint }
USER_GRANTED = { $login } tem o papel { $role }
    .already = { $login } já tem o papel { $role } ali: nada foi alterado
USER_WITHOUT_ROLE = o login { $login } foi criado, mas o papel { $role } não foi concedido: conceda-o com tally user grant { $login } { $role }{ $on }
IMPORT_INTERRUPTED = você interrompeu
IMPORT_CURRENCY = os valores estão em { $said }, e os do grupo em { $is }
IMPORT_CURRENCY_CURE = informe os valores em { $is } e escreva currency: { $is }
IMPORT_BRANCH_REGION = coloca a filial { $branch } na região { $said }, e a suíte a tem em { $is }
IMPORT_BRANCH_REGION_CURE = escreva { $is } para { $branch } em branches: ou dê outro nome à filial
IMPORT_NO_REGION = não indica região para { $branches }, portanto elas ficariam em { $default }, uma região que o grupo não tem
IMPORT_NO_REGION_CURE = escreva onde fica cada uma delas (o grupo tem { $known }), por exemplo branches: { "{" }"{ $branch }": { $region }{ "}" }
IMPORT_REGIONS = coloca filiais em regiões que o grupo não tem: { $unknown }
IMPORT_REGIONS_CURE = indique para cada filial uma de { $known } em branches: de group.yaml ou acrescente a região ao grupo

## Console

UI_LANGUAGE_NAME = Português (Brasil)
UI_SKIP = Ir para o conteúdo
UI_SCREENS = Telas
UI_WAY_HERE = Onde você está
UI_HOME = Início
UI_GREETING = Boas-vindas, { $name }
UI_LANGUAGE = Idioma
UI_THEME = Cores
UI_THEME_AUTO = Como no sistema
UI_THEME_LIGHT = Claro
UI_THEME_DARK = Escuro
UI_DENSITY = Linhas
UI_DENSITY_COMPACT = Compactas
UI_DENSITY_TOUCH = Para toque
UI_ZONE = Fuso horário, como Asia/Shanghai
UI_KEEP_CHOICES = Aplicar
UI_SIGN_IN = Entrar
UI_SIGN_OUT = Sair
UI_LOGIN = Nome de login
UI_PASSWORD = Senha
UI_CODE = Código
UI_CODE_HINT = Os seis dígitos que o seu autenticador mostra, ou um código de recuperação.
UI_NEW_PASSWORD = Nova senha
UI_NEW_PASSWORD_HINT = Esta senha valia para um só login. Pelo menos 12 caracteres; quatro palavras sem relação entre si são uma boa escolha.
UI_SESSION_OVER = Sua sessão terminou. Faça login para continuar; nada do que você enviou se perdeu.
UI_SIGNED_IN_AGAIN = Você fez login de novo
UI_SEND_AGAIN_SAID = O que você enviou antes ainda está aqui e não foi executado.
UI_SEND_AGAIN = Enviar agora
UI_TO_HOME = Ir para o início
UI_TRY_AGAIN = Tentar de novo
UI_FOR_SUPPORT = Para o suporte:
UI_NOT_FOUND = Não há nada aqui
UI_NOT_ALLOWED = Sem acesso para você
UI_NOT_NOW = Não é possível agora
UI_REFUSED = Não deu certo
UI_OPTIONAL = (opcional)
UI_PUT_RIGHT = Corrija o seguinte:
UI_SAVE = Salvar
UI_CANCEL = Cancelar
UI_REMOVE = Remover
UI_YES = Sim
UI_NO = Não
UI_SEARCH = Pesquisar
UI_ALL = todos
UI_GROUP_BY = Agrupar por
UI_NOT_GROUPED = Sem agrupar
UI_GROUPED_BY = Por { $column }
UI_COLUMNS = Colunas
UI_SHOW = Mostrar
UI_SHOW_ALL = Mostrar tudo
UI_PAGES = Páginas
UI_PREVIOUS = Anterior
UI_NEXT = Próxima
UI_PAGE_OF = { $page } de { $pages }
UI_ROWS =
    { $count ->
        [one] { $count } linha
       *[other] { $count } linhas
    }
UI_ROWS_OF = { $count } de { $total } linhas
UI_EXPORT = Baixar CSV
UI_NOTHING_FITS = Nada corresponde à sua busca.
UI_NOTHING_THERE = Ainda não há nada aqui.
UI_NOTHING_TO_DRAW = Não há nada a desenhar.
UI_LOADING = Carregando…
UI_AS_OF = Situação em
UI_NAME = Nome
UI_EMPLOYEE_NO = Matrícula
UI_UNIT = Unidade
UI_POSITION = Cargo
UI_GRADE = Nível
UI_REGION = Região
UI_SINCE = Desde
UI_STATE = Situação
UI_SHARE = Participação
UI_AMOUNT = Valor
UI_DAY = Dia
UI_REASON = Motivo
UI_REASON_HINT = Quem consultar isto depois vai ler o motivo.
UI_SURE = Sim, tenho certeza
UI_NO_PEOPLE = Ninguém tem vínculo neste dia onde você pode ver.
UI_GALLERY = Componentes
NAV_MINE = Meu espaço
NAV_TEAM = Equipe
NAV_BRANCH = Filial e grupo
NAV_PAY = Pagamento
NAV_AUDIT = Auditoria
NAV_PLATFORM = Plataforma
NAV_PEOPLE = Pessoas
FORM_OF_ANOTHER_SITE = isto foi enviado por outro site: abra a página aqui e envie daqui
FORM_OUTDATED = esta página é de uma sessão anterior: recarregue-a e envie mais uma vez

## Console: access

NAV_WHY = Por que alguém pode
NAV_REVIEW = Revisão de acessos
NAV_GRANTS = Concessões
NAV_LOGINS = Logins
NAV_ROLES = Papéis
NAV_DELEGATIONS = Delegações
NAV_EMERGENCIES = Acessos de emergência
NAV_KEYS = Chaves de API
NAV_PROVIDERS = Provedores de login
NAV_ACCOUNT = Minha conta
UI_KIND = Tipo
UI_PERSON = Pessoa
UI_WHO = Quem
UI_ROLE = Papel
UI_ROLES = Papéis
UI_REACH = Alcance
UI_DAYS = Dias
UI_CONDITION = Somente
UI_GIVEN_BY = Dado por
UI_GIVEN_AT = Dado em
UI_HOLDS_TODAY = Vale hoje
UI_HOLDS = Em vigor
UI_OVER = Encerrado
UI_FIRST_DAY = Primeiro dia
UI_LAST_DAY = Último dia
UI_UNTIL_WHEN = Até
UI_PERMISSION = Permissão
UI_PERMISSIONS = Permissões
UI_PERMISSIONS_HINT = Nomes separados por vírgulas, como attendance.roster.write. Eles estão na página de cada papel.
UI_WHAT_FOR = Para quê
UI_NEW_LOGIN = Novo login
UI_LOGIN_HINT = O que a pessoa digita para entrar; mais ninguém nesta instalação pode ter o mesmo.
UI_PASSWORD_HINT = Pelo menos 12 caracteres; quatro palavras sem relação entre si são uma boa escolha.
UI_LOGIN_OF = Vazio para um login que não é de ninguém em particular.
UI_RESET_PASSWORD = Nova senha para { $name }
UI_RESET_NOW = Gerar senha de uso único
UI_RESET_SAID = Todas as sessões deste login terminam. A senha é mostrada uma vez, vale para um login e deve ser trocada nele.
UI_FACTOR_LOST = O segundo fator foi perdido: remover também
UI_ONE_TIME_PASSWORD = Senha de uso único
UI_ONE_TIME_SAID = Entregue-a pessoalmente; ela vale até { $until }, para um só login, e não será mostrada de novo.
UI_ONCE_SAID = Isto é mostrado uma única vez. Guarde-o onde só o programa possa ler.
UI_WRITTEN_DOWN = Já guardei
UI_NEW_GRANT = Dar um papel
UI_GRANT_SAID = Quem dá um papel precisa ter tudo o que há nele onde o dá. A concessão vale em um segundo.
UI_UNIT_OF_REACH = Para os tipos que indicam uma unidade.
UI_REGION_OF_REACH = Para o tipo que indica uma região, como cn-north.
UI_WITH_FACTOR = Com segundo fator
UI_ONLY_WITH_FACTOR = Só em sessões com segundo fator
UI_ONLY_AT_HOURS = Só nestes horários
UI_HOURS_HINT = Como 08:00-20:00; vazio para sempre.
UI_REVOKE_GRANT = Retirar o papel
UI_REVOKE_SAID = { $name } perde o papel { $role } ({ $reach }) em um segundo.
UI_NEW_ROLE = Novo papel
UI_ROLE_READY = Do programa
UI_ROLE_OWN = Do grupo
UI_ROLE_READY_SAID = Este papel faz parte do programa e não pode ser alterado. Se ele não servir, defina um próprio.
UI_ROLE_NAME_HINT = De 2 a 64 letras minúsculas, dígitos e _.
UI_NOBODY_HOLDS = Ninguém tem esta permissão.
UI_MYSELF = Eu
UI_WHOLE_GROUP = O grupo inteiro
UI_ASK = Consultar
UI_ALLOWED = Permitido
UI_NOT_ALLOWED_NOW = Não permitido
UI_ROLES_THAT_GIVE = Papéis que dariam isso:
UI_WHO_COULD_GIVE = Quem poderia dar:
UI_DELEGATOR = De
UI_DELEGATE = Para
UI_DELEGATE_NOW = Delegar
UI_DELEGATIONS_SAID = Uma delegação empresta algumas das suas próprias permissões até certo momento. Ela alcança o que você alcança, e nunca mais que isso.
UI_TYPED_AT = No horário de { $zone }.
UI_TO_REVIEW = A revisar
UI_REVIEWED = Revisado
UI_NO_EMERGENCIES = Ninguém abriu um acesso de emergência.
UI_OPEN_EMERGENCY = Abrir acesso de emergência
UI_EMERGENCIES_SAID = Um acesso de emergência abre permissões por no máximo uma hora. Ele é comunicado, e outra pessoa o revisa.
UI_EMERGENCY_OF = Acesso de emergência de { $name }
UI_END_EMERGENCY = Encerrar agora
UI_REVIEW_NOW = Revisar
UI_WHAT_WAS_FOUND = O que se constatou
UI_TICKET = Chamado
UI_REASON_TWENTY = Pelo menos 20 caracteres; quem revisa vai ler.
UI_FOR_HOW_LONG = Por quanto tempo
UI_MINUTES =
    { $count ->
        [one] { $count } minuto
       *[other] { $count } minutos
    }
UI_SERVICE_ACCOUNT = Conta
UI_NEW_SERVICE_ACCOUNT = Nova conta de serviço
UI_SERVICE_ACCOUNT_SAID = Um programa tem uma conta própria, com papéis como os de uma pessoa e chaves no lugar da senha.
UI_NEW_KEY = Nova chave
UI_API_KEY = Chave de API
UI_KEYS_SAID = Programas trocam uma chave por um token que vale dez minutos. Uma chave pode ser limitada a algumas permissões da conta.
UI_KEY_PERMISSIONS_HINT = Nomes separados por vírgulas; vazio para tudo o que a conta tem.
UI_KEY_YEAR = Daqui a no máximo 366 dias.
UI_NO_KEY = Ainda sem chave
UI_ALL_OF_ACCOUNT = Tudo da conta
UI_LAST_USED = Último uso
UI_REVOKE_KEY = Revogar a chave
UI_REVOKE_KEY_SAID = O programa que tem a chave não poderá mais entrar. Isso não pode ser desfeito.
UI_NO_PROVIDERS = Nenhum provedor externo faz o login das suas pessoas.
UI_NEW_PROVIDER = Adicionar ou alterar um provedor
UI_PROVIDERS_SAID = Registre no provedor o endereço deste console, seguido de { $path }, como o endereço para onde as pessoas voltam.
UI_ISSUER = Emissor
UI_CLIENT_ID = ID do cliente
UI_CLIENT_SECRET = Segredo do cliente
UI_CLIENT_SECRET_HINT = Vazio para um cliente sem segredo. Nunca é mostrado de novo.
UI_CLAIM = Claim do nome de login
UI_CLAIM_HINT = Como email, que só é aceito se verificado.
UI_REDIRECT = Endereço de retorno
UI_PROVIDER_NAME_HINT = Como as pessoas o escolhem: de 2 a 50 letras minúsculas, dígitos e -.
UI_PROVIDER_REGION_HINT = A região cujas pessoas podem usá-lo, ou * para todas.
UI_SSO = Entrar com a sua organização
UI_SSO_PROVIDER = Nome do provedor
UI_SSO_SAID = Você será levado ao provedor da sua organização, que pede o login lá.
UI_GO_ON = Continuar
UI_SESSIONS = Sessões
UI_THIS_ONE = Esta
UI_END_SESSION = Encerrar
UI_END_ALL_SESSIONS = Sair de todas as sessões
UI_CHANGE_PASSWORD = Alterar a senha
UI_CHANGE_PASSWORD_SAID = Suas outras sessões terminam.
UI_ADD_FACTOR = Adicionar segundo fator
UI_REMOVE_FACTOR = Remover o segundo fator
UI_FACTOR_SAID = Abra o seu autenticador e adicione esta chave; depois digite os seis dígitos que ele mostrar.
UI_FACTOR_SECRET = Chave
UI_FACTOR_OPEN = Abrir em um autenticador neste dispositivo
UI_CODE_OF_NEW = Os seis dígitos que o autenticador mostra agora.
UI_CONFIRM = Confirmar
UI_RECOVERY_CODE = Código de recuperação
UI_RECOVERY_SAID = Cada um deles substitui um código uma vez, quando o autenticador se perder. Eles não são mostrados de novo.
WORD_SCOPE_KIND_SELF = A própria pessoa
WORD_SCOPE_KIND_REPORTS = Seus subordinados
WORD_SCOPE_KIND_UNIT = Uma unidade
WORD_SCOPE_KIND_SUBTREE = Uma unidade e tudo abaixo
WORD_SCOPE_KIND_LEGAL_ENTITY = Uma empresa
WORD_SCOPE_KIND_REGION = Uma região
WORD_SCOPE_KIND_TENANT = O grupo inteiro
WORD_ROLE_AGENT = Atendente
WORD_ROLE_SUPERVISOR = Supervisor
WORD_ROLE_BRANCH_HR = RH da filial
WORD_ROLE_GROUP_HR = RH do grupo
WORD_ROLE_COMPENSATION_SPECIALIST = Especialista em remuneração
WORD_ROLE_APPROVER = Aprovador
WORD_ROLE_INTEGRATOR = Integrador
WORD_ROLE_AUDITOR = Auditor
WORD_ROLE_PLATFORM_OPERATOR = Operador da plataforma
WORD_ROLE_GROUP_ADMIN = Administrador do grupo
WORD_LOGIN_KIND_PERSON = Pessoa
WORD_LOGIN_KIND_USER = Ninguém em particular
WORD_LOGIN_KIND_SERVICE_ACCOUNT = Programa
WORD_GRANT_VERDICT_ALLOWS = Permite isto
WORD_GRANT_VERDICT_OUT_OF_REACH = O papel dá a permissão, mas não alcança isto
WORD_GRANT_VERDICT_CONDITION_UNMET = Permitiria isto com um segundo fator ou em outro horário
WORD_GRANT_VERDICT_NOT_NOW = Permitiria isto em outros dias
WORD_GRANT_VERDICT_NOT_ENTITLED = O grupo não tem o módulo
WORD_GRANT_VERDICT_ROLE_LACKS = O papel não dá a permissão
WORD_MODULE_IDENTITY = Identidade
WORD_MODULE_ATTENDANCE = Jornada
WORD_MODULE_PERFORMANCE = Desempenho
WORD_MODULE_COMPENSATION = Remuneração
WORD_MODULE_TALENT = Talentos
WORD_MODULE_SUITE = Todas as partes
DONE_GRANT_GIVEN = O papel foi dado.
DONE_GRANT_TAKEN = O papel foi retirado.
DONE_ROLE_DEFINED = O papel foi salvo.
DONE_DELEGATED = Delegado.
DONE_DELEGATION_ENDED = A delegação foi encerrada.
DONE_EMERGENCY_OPENED = O acesso de emergência foi aberto e comunicado.
DONE_EMERGENCY_ENDED = O acesso de emergência foi encerrado.
DONE_EMERGENCY_REVIEWED = A revisão foi salva.
DONE_ACCOUNT_MADE = A conta foi criada.
DONE_KEY_REVOKED = A chave foi revogada.
DONE_PROVIDER_KEPT = O provedor foi salvo.
DONE_PROVIDER_REMOVED = O provedor foi removido.
DONE_PASSWORD_CHANGED = A senha foi alterada; suas outras sessões terminaram.
DONE_FACTOR_REMOVED = O segundo fator foi removido.
DONE_SESSION_ENDED = A sessão foi encerrada.
DONE_SESSIONS_ENDED = Você saiu de todas as sessões.
SSO_OF_ANOTHER_BROWSER = este login começou em outro navegador, ou há tempo demais: comece de novo aqui

## Console: people and structure

NAV_ORG = Organograma
NAV_CORRECTIONS = Correções
NAV_ACCOUNTS = Contas
NAV_ALIASES = Apelidos
NAV_DEVICES = Dispositivos
NAV_SITES = Locais
NAV_CATALOGUE = Cargos e níveis
UI_ABOUT = Sobre
UI_ACCOUNT = Conta
UI_ACCOUNT_HINT = Como as pessoas entram com ela na plataforma.
UI_ACTIONS = Alterar
UI_ADD_ACCOUNT = Adicionar conta
UI_ADD_ALIAS = Adicionar apelido
UI_ADD_DEVICE = Adicionar dispositivo
UI_ADD_ENTRY = Adicionar cargo ou nível
UI_ADD_PERSON = Adicionar pessoa
UI_ADD_PHASE = Alterar o uso
UI_ADD_PHASE_SAID = Os dias anteriores ficam como estão. Só se pode acrescentar uma fase posterior: o passado fica como foi informado.
UI_ADD_SITE = Adicionar local
UI_ADD_UNIT = Adicionar unidade
UI_ADD_UNIT_BELOW = Adicionar unidade abaixo
UI_AFTER = Depois
UI_ALIAS = Apelido
UI_ALIAS_END = Encerrar o apelido
UI_ALIAS_MOVE = Passar a outra pessoa
UI_ALL_STATES = Todas
UI_ALWAYS = Sempre
UI_APPROVE = Aprovar
UI_APPROVED = Aprovada
UI_ASKED = Pedida
UI_ASKED_AT = Pedida em
UI_ASKED_BY = Pedida por
UI_AS_HOME = Vazio: como no vínculo principal.
UI_AT_ONCE = Conversas simultâneas
UI_AT_ONCE_HINT = Quantas uma pessoa atende ao mesmo tempo: 1 para voz.
UI_BACKDATED = É para começar antes deste mês: os meses fechados passam a ser lidos pelo que se sabe hoje
UI_BEFORE = Antes
UI_CATALOGUE_SAID = O mesmo código de novo, com um primeiro dia posterior, diz o que vale dali em diante. Sem nenhum item, pode-se escrever qualquer cargo e nível.
UI_CODE_NAME = Código
UI_CODE_NAME_HINT = O que os vínculos indicam, como agent ou P3.
UI_CORRECTION_ABOUT_YOU = É sobre você: outra pessoa decide.
UI_CORRECTION_DECIDE = Outra pessoa pediu isto. Vale a partir da sua aprovação.
UI_CORRECTION_LOOK = Aguarda alguém que possa aprovar correções.
UI_CORRECTION_OVER = Não há mais nada a decidir.
UI_CORRECTION_OWN = Você pediu isto: outra pessoa decide. Enquanto aguarda, você pode retirar o pedido.
UI_COUNTS_NO_MORE = Isto não conta mais e continua na lista, porque nada do que foi registrado é apagado.
UI_CUT_OVER = Virada do dia
UI_CUT_OVER_HINT = Nesse horário da noite termina um dia de trabalho e começa o próximo.
UI_DEED_CANCEL = Cancelar o que está planejado
UI_DEED_CANCEL_SAID = O que estava planejado a partir desse dia não acontece; o que vale hoje fica.
UI_DEED_CORRECT_START = Corrigir o primeiro dia
UI_DEED_CORRECT_START_SAID = Para um primeiro dia registrado errado. O que se sabia antes continua guardado.
UI_DEED_END = Encerrar o vínculo
UI_DEED_END_SAID = Todos os vínculos adicionais e afastamentos também terminam nesse dia.
UI_DEED_END_LEAVE = Encerrar o afastamento
UI_DEED_END_LINE = Encerrar a linha de reporte
UI_DEED_END_POST = Encerrar o vínculo adicional
UI_DEED_LEAVE = Afastamento
UI_DEED_LINE = Definir o gestor
UI_DEED_LINE_SAID = Uma linha direta substitui a que vale, durante os seus dias.
UI_DEED_POST = Cessão ou vínculo simultâneo
UI_DEED_RECTIFY = Corrigir nome ou número
UI_DEED_RECTIFY_SAID = Só para o que foi escrito errado. O que estava errado desaparece; o log de auditoria guarda que houve a alteração.
UI_DEED_REHIRE = Recontratar
UI_DEED_TRANSFER = Transferência ou promoção
UI_DEED_TRANSFER_SAID = A partir desse dia; o que havia antes fica. Outro nível é uma promoção.
UI_DEVICE = Dispositivo
UI_DEVICES_ALIASES = Apelidos e dispositivos
UI_DEVICE_END = Encerrar o dispositivo
UI_DEVICE_HINT = Como o balcão ou a plataforma o chama, com as mesmas maiúsculas.
UI_DEVICE_MOVE = Passar a outra pessoa
UI_EMPLOYED_AS = Tipo de vínculo
UI_EMPLOYEE_NO_HINT = O número que o próprio grupo dá a esta pessoa; mais ninguém o tem.
UI_EMPLOYMENTS = Vínculos
UI_EMPTY_STAYS = Vazio: fica como está.
UI_EVIDENCE = O que comprova
UI_EXCLUSIVE = Uma pessoa por vez
UI_EXCLUSIVE_FIELD = Só uma pessoa pode ocupá-la por vez
UI_FACT = Fato
UI_FACTS = Fatos
UI_FROM_BEGINNING_HINT = Vazio: desde o início.
UI_FROM_ON = A partir de { $from }
UI_FROM_TIME = De
UI_FROM_TO = De { $from } a { $to }
UI_FROM_WHEN = A partir de quando
UI_GONE_UNITS = Unidades encerradas
UI_HANDOVER = Passagem
UI_HIDDEN = oculto para você
UI_HISTORY = O que aconteceu
UI_ID_NUMBER = Número de identificação
UI_ITS_ZONE = Fuso horário
UI_KNOWN_ON = Como se sabia em
UI_LADDER = Ordem do nível
UI_LADDER_HINT = Só para níveis, a partir de 1: maior é mais alto.
UI_LEAVES = Afastamentos
UI_LEAVE_KIND = Motivo
UI_LEAVE_REASON = Motivo, em palavras
UI_LEAVE_REASON_HINT = Só é lido por quem pode saber por que alguém está afastado.
UI_LINE_KIND = Tipo de linha
UI_LOOK = Mostrar o que afeta
UI_MANAGER = Gestor
UI_MERGE_ALSO = E também esta unidade
UI_MERGE_INTO = Em qual unidade
UI_MOVE_PEOPLE_HINT = Necessário enquanto alguém tiver vínculo ali.
UI_MOVE_PEOPLE_TO = Pessoas e contas vão para
UI_NAME_HIDDEN = Nome oculto para você
UI_NEW_PARENT = Abaixo de qual unidade
UI_NEW_PERSON = De quem é a partir daí
UI_NOBODY = Ninguém
UI_NOBODY_CALLED = nada na lista se chama “{ $text }”: escolha um item da lista
UI_NONE_KNOWN = nenhum conhecido
UI_NOTHING_AFTER = Nunca aconteceu, ou não conta mais.
UI_NOTHING_BEFORE = Nada tinha sido registrado.
UI_NOT_EMPLOYED = Sem vínculo neste dia
UI_NOT_SAID = não informado
UI_NO_ACCOUNTS = Não há contas onde você pode ver: adicione a primeira ou importe-as de um arquivo.
UI_NO_ALIASES = Não se conhece nenhum apelido onde você pode ver.
UI_NO_CATALOGUE = Não há catálogo neste dia: pode-se escrever qualquer cargo e nível.
UI_NO_CORRECTIONS = Não há correções nesta situação.
UI_NO_CORRECTIONS_WAITING = Nada aguarda decisão.
UI_NO_DEVICES = Não se conhece nenhum dispositivo onde você pode ver.
UI_NO_DEVICES_ALIASES = Nenhum conhecido para esta pessoa.
UI_NO_EMPLOYMENTS = Não se conhece nenhum vínculo onde você pode ver.
UI_NO_LEAVES = Não se conhece nenhum afastamento.
UI_NO_MANAGER = Não responde a ninguém neste dia.
UI_NO_REASON = Nenhum motivo foi informado.
UI_NO_SITES = Ainda não há locais: adicione o primeiro.
UI_NO_SLASH = um nome, sem “/”: a unidade acima é escolhida à parte
UI_NO_UNITS = Não há unidades neste dia onde você pode ver.
UI_NO_USES = Não se sabe de ninguém que tenha trabalhado em um dispositivo nestes dias.
UI_OF_PERSON = de uma pessoa
UI_OF_SEAT = de um posto
UI_ONE_OF_BOTH = uma pessoa ou um posto, não ambos
UI_ONLY_NEWEST = São mostradas só as { $count } mais recentes: escolha uma situação para ver menos.
UI_ON_DAY = Em { $day }
UI_OPEN_END_HINT = Vazio: não se conhece o fim.
UI_ORG_COUNTED =
    { $units ->
        [one] { $units } unidade
       *[other] { $units } unidades
    }, { $count ->
        [one] { $count } pessoa
       *[other] { $count } pessoas
    }
UI_OWN_ZONE = Fuso horário
UI_PARENT_NOT_THERE = essa unidade não existe neste dia
UI_PATH = Caminho
UI_PATHS = Unidades
UI_PEOPLE_BELOW = Pessoas com todas as unidades abaixo

## Console: cycles

UI_SEVERAL_CALLED = há vários com o nome “{ $text }”: { $names }
NAV_CYCLES = Ciclos
NAV_SCHEMES = Modelos de avaliação
NAV_MEASURES = Métricas
NAV_RUNS = Atribuição
NAV_OBSERVATIONS = Observações
PAGE_OUTDATED = o resultado foi recalculado desde que você abriu esta página: veja como ele está agora e envie de novo
UI_SAY_SURE = marque esta caixa para continuar
UI_VERSION = Versão
UI_INDICATORS = Indicadores
UI_NO_SCHEMES = Ainda não há modelo de avaliação. Comece com um exemplo abaixo ou com um novo.
UI_REFINEMENT = Refina um padrão
UI_STANDARD = Padrão
UI_STANDARD_BINDING = Padrão, obrigatório
UI_OWN_SCHEME = Independente
UI_WITHDRAWN_FROM = Fora de uso a partir de { $day }
UI_IN_USE = Em uso
UI_WITHDRAWN_BECAUSE = Fora de uso a partir de { $day }: { $reason }
UI_SUPERSEDED_BY = Use a versão { $version } no lugar.
UI_NEW_SCHEME = Novo modelo de avaliação
UI_SCHEME_TEMPLATES = Exemplos para começar
UI_BEGIN_WITH_IT = Começar com este
UI_NEW_VERSION = Nova versão
UI_REFINE_IT = Refinar
UI_WHAT_IT_IS = O que é
UI_SIDE_BY_SIDE = Versões lado a lado
UI_BESIDE = ao lado da versão
UI_DIFFERING =
    { $count ->
        [0] São iguais em tudo.
        [one] { $count } linha difere; está marcada.
       *[other] { $count } linhas diferem; estão marcadas.
    }
UI_DIFFERS = (difere)
UI_REFINEMENTS = Modelos de avaliação que o refinam
UI_SCORED_BY_IT = Ciclos pontuados por ele
UI_WITHDRAW_SCHEME = Tirar de uso
UI_WITHDRAW_VERSION_HINT = Vazio: o modelo de avaliação inteiro.
UI_WITHDRAW_FROM = A partir deste dia
UI_SUPERSEDED = Versão a usar no lugar
UI_SUPERSEDED_HINT = Vazio: nenhuma.
UI_VERSION_N = Versão { $version }
UI_NAME_VERSION = { $name }, versão { $version }
UI_REFINES = Refina
UI_COLLABORATION = Somam-se pontos de colaboração
UI_COLLABORATION_POINTS = Pontos de colaboração
UI_CURRENCY = Moeda
UI_CURRENCY_HINT = Três letras, como CNY. Vazio: a do grupo.
UI_WRITTEN_IN = Escrito na região
UI_INDICATOR_OF_TARGET = Conta { $weight } de 100. Meta: { $target } ({ $direction }); pontos na proporção dela, no mínimo { $floor } e no máximo { $cap }.
UI_INDICATOR_OF_GROUP = Conta { $weight } de 100 ({ $direction }). Pontos: { $how }, no mínimo { $floor } e no máximo { $cap }.
UI_INDICATOR_SMALL = Com menos de { $small } atendimentos medidos, é aproximado do valor do conjunto.
UI_TEAM_MEDIAN = a mediana da equipe
UI_WEIGHT_BETWEEN = Um refinamento pode dar-lhe peso de { $least } a { $most }.
UI_WEIGHT_FIXED = Um refinamento o mantém como está.
UI_MAY_BE_LEFT_OUT = Pode ser deixado de fora.
UI_WEIGHT = Peso
UI_TARGET = Meta
UI_TARGET_HINT = Vazio: a mediana da equipe.
UI_DIRECTION = Melhor
UI_HOW_POINTS = Como vira pontos
UI_FLOOR_CAP = Piso e teto de pontos
UI_FLOOR = Piso
UI_CAP = Teto
UI_SMALL_SAMPLE = Amostra pequena abaixo de
UI_SMALL_SAMPLE_HINT = Com menos atendimentos que isso, um valor é aproximado do valor do conjunto. Vazio: nunca.
UI_UNIT_OF_MEASURE = Unidade de medida
UI_KEY = Nome curto
UI_KEY_HINT = Vazio: formado a partir da métrica.
UI_MAY_BE_REFINED = As unidades abaixo podem refiná-lo
UI_MUST_BE_REFINED = As unidades abaixo não podem ter um modelo de avaliação que não o refine
UI_WITHIN = O peso pode variar em
UI_WITHIN_HINT = Pontos a mais ou a menos em um refinamento. Vazio: não pode variar.
UI_MEASURE = Métrica
UI_INDICATOR_N = Indicador { $number }
UI_FROM_VERSION = Iniciado da versão { $version }. As versões anteriores ficam como estão.
UI_FROM_STANDARD = Refina { $name }, versão { $version }: altere o que ele deixa em aberto.
UI_FROM_TEMPLATE = Iniciado de um exemplo. Coloque as suas próprias metas.
UI_FROM_NOTHING = Diga o que conta, e quanto: os pesos somam exatamente 100.
UI_NEW_VERSION_OF = Nova versão de { $name }
UI_SUM_WHOLE = Os pesos somam { $said }: já é possível salvar.
UI_SUM_SHORT = Os pesos somam { $said } de 100: falta { $rest }.
UI_SUM_OVER = Os pesos somam { $said }: { $rest } acima de 100.
UI_CHECK = Verificar
UI_ADD_INDICATOR = Adicionar indicador
UI_UNIT_OR_GROUP_HINT = Vazio: o grupo inteiro.
UI_NEW_MEASURE = Nova métrica
UI_NO_MEASURES = Ainda não há métrica.
UI_NO_MEASURE = essa métrica não existe, ou você não pode vê-la
UI_MEASURES_WHAT = O que mede
UI_SUPPLIED = Integrada
UI_RETIRED = Fora de uso
UI_RETIRED_BECAUSE = { $at }: { $reason }
UI_REVISION = Revisão
UI_RETIRE = Tirar de uso
UI_RETIRE_SAID = Nenhuma nova versão de um modelo de avaliação poderá indicá-la. As versões que já existem ficam com a cópia delas.
UI_CHANGE_IT = Alterar
UI_MEASURE_OTHER_KIND = O que compõe esta métrica é alterado pela API; o nome, a unidade e a direção podem ser alterados aqui.
UI_TITLE_EN = Nome em inglês
UI_TITLE_ZH = Nome em chinês
UI_MEASURE_KEY_HINT = Como os modelos de avaliação a chamam, por exemplo quality_check. Nunca muda.
UI_MIN_COUNT = Mínimo para contar
UI_MIN_COUNT_HINT = Com menos que isso, nada conta como medido. Vazio: sem regra.
UI_OF_RECORDS = De atendimentos
UI_OF_OBSERVATIONS = De observações
UI_OF_RATIO = Uma métrica dividida por outra
UI_OBSERVED_OF = Observado de
UI_AGGREGATION = Como os valores viram um só
UI_RECORD_VALUE = Valor do atendimento
UI_RECORD_VALUE_HINT = first_reply_seconds, duration_seconds, resolved, rating, amount ou uma coluna sua. Vazio quando se contam os atendimentos.
UI_TEST = Conta como sim
UI_TEST_VALUE = este valor
UI_RECORD_KINDS = Tipos de atendimento
UI_LIST_HINT = Vários são separados por vírgulas. Vazio: todos.
UI_RATIO_OF = O que se divide
UI_RATIO_PER = Dividido por
UI_IN_PERCENT = Em percentual
UI_NEW_CYCLE = Novo ciclo
UI_NO_CYCLES = Ainda não há ciclo onde você pode ver. Crie um para um mês e feche-o quando os atendimentos tiverem chegado.
UI_PERIOD = Período
UI_SCHEME = Modelo de avaliação
UI_PEOPLE_IN = Pessoas com boletim
UI_PUBLISHED_AT = Publicado
UI_CORRECTION_OF = Correção de { $name }
UI_MAKE_CYCLE = Criar o ciclo
UI_POPULATION = Quem faz parte
UI_POPULATION_SAID = Vazio: todos da unidade e abaixo dela.
UI_POSITIONS = Cargos
UI_GRADES = Níveis
UI_INCLUDE = Incluir também
UI_EXCLUDE = Deixar de fora
UI_PEOPLE_HINT = Matrículas, separadas por vírgulas ou uma por linha.
UI_AS_OF_DAY = Vínculo como em
UI_AS_OF_DAY_HINT = Vazio: o último dia do período.
UI_PREVIEW_POPULATION = Prever quem faz parte
UI_IS_IN = Dentro
UI_IS_OUT = Fora
UI_WHY = Por quê
UI_EVERYBODY_OF_UNIT = Todos da unidade e abaixo dela
UI_RUN = Execução de atribuição
UI_OPEN_RUN = Abrir a execução
UI_CORRECTS = Corrige
UI_OPEN_CORRECTED = Abrir o resultado publicado
UI_RESULT_VERSION = Versão do resultado
UI_STEP_MADE = Criado
UI_STEP_TO_CLOSE = A fechar quando os atendimentos tiverem chegado
UI_STEP_CLOSING = Fechando: os atendimentos são creditados, os boletins são pontuados
UI_STEP_FAILED = Não foi possível fechar
UI_STEP_CLOSED = Fechado: todos os boletins estão pontuados
UI_STEP_REVIEW = A revisar e publicar
UI_STEP_PUBLISHED = Publicado: todos conhecem o resultado
UI_PROGRESS = Andamento
UI_LOOK_AGAIN = Atualizar
UI_DONE_OF = { $done } de { $total }
UI_WAITS_FOR_WORKER = Aguarda a vez
UI_CLOSE_CYCLE = Fechar o ciclo
UI_CLOSE_AGAIN = Fechar de novo
UI_CANCEL_CLOSING = Parar o fechamento
UI_CANCEL_CORRECTION = Descartar a correção
UI_CANCEL_SAID = O que foi calculado é descartado; nada mais muda.
UI_CORRECT_CYCLE = Corrigir o resultado
UI_CORRECT_SAID = É recalculado com os fatos como estão agora, ao lado do resultado publicado; ninguém fica sabendo antes da publicação.
UI_CORRECT_REASON_HINT = Todos os que têm boletim vão ler.
UI_SCHEME_VERSION = Versão do modelo de avaliação
UI_SCHEME_VERSION_HINT = Vazio: a que foi usada.
UI_PUBLISH_RESULT = Publicar o resultado
UI_PUBLISH_SURE = Sim, todos podem saber
UI_PUBLISH_SAID = Todos os que têm boletim o veem, e o pagamento parte daqui. Um resultado publicado nunca muda; só pode ser corrigido por mais uma versão.
UI_PUBLISH_NOT_YOURS = Aqui, publicar cabe a outra pessoa.
UI_PUBLISHED_ALREADY = Este resultado já está publicado; nada foi feito duas vezes.
UI_PUBLISH_NOTHING_YET = Ainda não há resultado a publicar: feche o ciclo primeiro.
UI_BACK_TO_CYCLE = Voltar ao ciclo
UI_REVIEW = O resultado
UI_RECORDS = Atendimentos
UI_CREDITED = Creditados
UI_UNATTRIBUTED = Não creditados a ninguém
UI_CREDITED_WITHIN = Creditados dentro
UI_CREDITED_OUTSIDE =
    { $people ->
        [one] { $records } a { $people } outra pessoa
       *[other] { $records } a { $people } outras pessoas
    }
UI_CORRECTED_PEOPLE = Pessoas com boletim diferente
UI_HOW_CREDITED = Como os atendimentos foram creditados
UI_DISTRIBUTION = Distribuição das pontuações
UI_SCORE_BETWEEN = De { $from } até menos de { $to }
UI_PEOPLE_COUNT =
    { $count ->
        [one] { $count } pessoa
       *[other] { $count } pessoas
    }
UI_PEOPLE_HERE = Pessoas desta própria unidade
UI_PEOPLE_OF =
    { $count ->
        [one] { $count } pessoa
       *[other] { $count } pessoas
    }, { $own } aqui
UI_PERSON_OR_SEAT = Pessoa ou posto
UI_PERSON_OR_SEAT_HINT = Preencha a pessoa ou o posto.
UI_PHASE = Como é usada
UI_PHASES = Como é usada, por data
UI_PHASE_HINT = Compartilhada: várias pessoas sob um nome. Nominal: cada atendimento indica o seu atendente. Em transição: a caminho disso.
UI_PLATFORM = Plataforma
UI_POST = Qual dos dois
UI_PUNCH = Marcação
UI_REJECT = Rejeitar
UI_REJECTED = Rejeitada
UI_REPORTS = Respondem a esta pessoa
UI_REPORTS_TO = Responde a
UI_RESULTS = Resultados
UI_SEAT = Posto
UI_SEAT_HINT = Como as escalas o chamam; quem estiver escalado nele trabalha no dispositivo.
UI_SEAT_UNIT = Unidade que tem o posto
UI_SHIFT = Turno
UI_SOME_HIDDEN = Parte disto está oculta para você: suas concessões não a abrem.
UI_STORE = Loja
UI_TEAM = Equipe
UI_TEAM_HINT = A equipe que atende nela. Vazio: é do grupo inteiro.
UI_TICK_SURE = marque isto primeiro
UI_TITLE = O que as pessoas leem
UI_TODAY = Hoje
UI_TOUCHES = O que afeta
UI_TOUCHES_SAID = Nada foi gravado: é assim que ficaria.
UI_TO_TIME = Até
UI_UNITS_BELOW = Unidades abaixo
UI_UNIT_CLOSE = Encerrar a unidade
UI_UNIT_CLOSE_SAID = Ela não pode ter unidades abaixo nesse dia. As pessoas e contas vão para onde você disser; o passado fica.
UI_UNIT_KIND_HINT = Vazio: filial no topo; nos demais casos, equipe.
UI_UNIT_MERGE = Incorporar a outra unidade
UI_UNIT_MERGE_SAID = As unidades abaixo, as pessoas e as contas vão para a outra unidade, e esta é encerrada.
UI_UNIT_MOVE = Mover para baixo de outra unidade
UI_UNIT_MOVE_SAID = A partir desse dia, com todas as unidades abaixo; o passado mantém o lugar antigo. Só dentro de uma região.
UI_UNIT_NOT_ON_DAY = Esta unidade não existe neste dia: é mostrada como estava por último, ou como começa.
UI_UNIT_REGION_HINT = Para uma filial no topo; as unidades abaixo têm a da filial.
UI_UNIT_RENAME = Renomear a unidade
UI_UNIT_RENAME_SAID = A partir desse dia; o passado mantém o nome antigo.
UI_UNTIL = Até { $to }
UI_WENT_INTO = Passou para { $unit }
UI_WHAT = O quê
UI_WHOLE_NUMBER = um número inteiro
UI_WHOSE = De quem
UI_WHO_USED_WHAT = Quem usou o quê
UI_WHY_HIDDEN = O motivo está oculto para você
UI_WHY_NOT_SAID = Motivo não informado
UI_WITHDRAW = Retirar o pedido
UI_WITHDRAWN = Retirada
UI_YOU = Você
UI_ZONE_HINT = Vazio: o do grupo.
DONE_PERSON_ADDED = A pessoa foi adicionada
DONE_PERSON_CHANGED = A alteração foi gravada
DONE_ORG_CHANGED = O organograma foi alterado
DONE_ACCOUNT_ADDED = A conta foi adicionada
DONE_PHASE_ADDED = A alteração foi gravada
DONE_ALIAS_CHANGED = O apelido foi gravado
DONE_DEVICE_CHANGED = O dispositivo foi gravado
DONE_SITE_ADDED = O local foi adicionado
DONE_ENTRY_ADDED = O item foi gravado
DONE_CORRECTION_APPROVED = Aprovada: conta a partir de agora
DONE_CORRECTION_REJECTED = Rejeitada
DONE_CORRECTION_WITHDRAWN = Retirada
WORD_POST_HOME = Principal
WORD_POST_CONCURRENT = Vínculo simultâneo
WORD_POST_SECONDMENT = Cessão
WORD_EMPLOYMENT_REASON_HIRE = Contratação
WORD_EMPLOYMENT_REASON_REHIRE = Recontratação
WORD_EMPLOYMENT_REASON_TRANSFER = Transferência
WORD_EMPLOYMENT_REASON_PROMOTION = Promoção
WORD_EMPLOYMENT_REASON_SECONDMENT = Cessão
WORD_EMPLOYMENT_REASON_CONCURRENT_POST = Vínculo simultâneo
WORD_EMPLOYMENT_REASON_REORGANISATION = Reorganização
WORD_LEAVE_KIND_SICK = Doença
WORD_LEAVE_KIND_WORK_INJURY = Acidente de trabalho
WORD_LEAVE_KIND_MATERNITY = Licença-maternidade
WORD_LEAVE_KIND_PARENTAL = Licença parental
WORD_LEAVE_KIND_CARE = Cuidado de familiar
WORD_LEAVE_KIND_UNPAID = Não remunerado, a pedido da pessoa
WORD_LEAVE_KIND_OTHER = Outro
UI_MOVERS = Quem mais mudou
UI_AGAINST = Em relação a { $name }
UI_NOBODY_MOVED = A pontuação de ninguém mudou.
UI_SCORE_RANK = { $score }, posição { $rank }
UI_NOW = Agora
UI_DROPPED = Indicadores que não contaram
UI_FINDINGS = O que convém examinar
UI_FINDINGS_ALL =
    { $count ->
        [0] Nada fora do normal.
        [one] { $count } ocorrência.
       *[other] { $count } ocorrências.
    }
UI_FINDINGS_MORE = As primeiras { $count } ocorrências; há mais.
UI_FINDINGS_FIRST = As primeiras ocorrências
UI_CARDS = Boletins
UI_NO_CARDS = Não há boletim que você possa ver.
UI_RANK = Posição
UI_SCORE = Pontuação
UI_CREDITED_RECORDS = Atendimentos creditados
UI_COMPARE_CARDS = Comparar boletins
UI_WITH_PERSON = Com
UI_CHOOSE_PEOPLE = Escolha pessoas acima: os boletins aparecem aqui lado a lado.
UI_CHANGED_SINCE = O que mudou desde o cálculo
UI_NOTHING_CHANGED = Nada: fechar de novo daria o mesmo resultado.
UI_CHANGED_ACCOUNTS =
    { $accounts ->
        [one] Algo mudou em { $accounts } conta.
       *[other] Algo mudou em { $accounts } contas.
    }
UI_CHANGED_OBSERVATIONS =
    { $observations ->
        [one] { $observations } observação chegou ou mudou.
       *[other] { $observations } observações chegaram ou mudaram.
    }
UI_CHANGED_OTHERS =
    { $others ->
        [one] Também { $others } conta que você não pode ver.
       *[other] Também { $others } contas que você não pode ver.
    }
UI_CHANGED_RATE = A cotação de { $from } para { $to } mudou.
UI_CHANGES_REMOVED = O que é anterior a { $day } pode ter sido removido pela retenção e não é comparado com o resultado.
UI_CHANGED_ON_ACCOUNT = alterações de atendimentos: { $records }; dias com outro serviço: { $days }
UI_CARD = Boletim
UI_OF_CARDS = de { $of }
UI_OUTSIDE_OWN = { $records } deles fora da própria escala ou equipe
UI_POINTS_BY_INDICATOR = Pontos por indicador
UI_STEP_BY_STEP = Passo a passo
UI_VALUE = Valor
UI_ADJUSTED = Após a regra de amostra pequena
UI_POINTS = Pontos
UI_WEIGHTED = Ponderados
UI_MEASURED_ON = Atendimentos medidos
UI_CARD_VERSIONS = Versões deste boletim
UI_VERSIONS_BESIDE = Versões do boletim lado a lado
UI_NO_CARD_THEN = sem boletim
UI_NOT_PUBLISHED_YET = Este resultado ainda não foi publicado: só quem o revisa pode vê-lo.
UI_OPEN_PERSON = Abrir a pessoa
UI_DIGEST = Digest dos dados de entrada
UI_NEW_RUN = Iniciar execução
UI_NO_RUNS = Ainda não há execução. Fechar um ciclo inicia uma; esta página também, antes de qualquer pontuação.
UI_STARTED = Iniciada
UI_CYCLE = Ciclo
UI_RULES = Regras
UI_PEOPLE_CREDITED = Pessoas creditadas
UI_ACCOUNTS = Contas
UI_TOTALS = Totais por pessoa
UI_AT_LEAST = No mínimo
UI_AT_MOST = No máximo
UI_NAMED_SHARE = Dos quais, certos
UI_CANCEL_RUN = Parar a execução
UI_START_RUN = Iniciar
UI_RUN_SAID = Credita os atendimentos de alguns dias, para que o que estiver estranho seja corrigido antes de fechar um ciclo. Nenhuma pontuação é feita.
UI_NO_OBSERVATIONS = Nada foi observado aqui. As observações vêm de uma importação ou de outros sistemas pela API.
UI_NO_OBSERVATION = essa observação não existe mais
UI_SOURCE = Origem
UI_CAME_AT = Chegada
UI_COUNTS = Vale
UI_WITH_VERSIONS = Também o que não conta mais
UI_WITHDRAW_OBSERVATION = Retirar a observação
UI_WITHDRAW_SAID = Ela não conta mais. As versões dela continuam legíveis, com o seu motivo.
WORD_CYCLE_STATE_OPEN = Aberto
WORD_CYCLE_STATE_CLOSING = Fechando
WORD_CYCLE_STATE_REVIEWABLE = A revisar
WORD_CYCLE_STATE_PUBLISHED = Publicado
WORD_CYCLE_STATE_FAILED = Falhou
WORD_ATTRIBUTION_RUN_STATE_RUNNING = Em andamento
WORD_ATTRIBUTION_RUN_STATE_DONE = Concluída
WORD_ATTRIBUTION_RUN_STATE_FAILED = Falhou
WORD_ATTRIBUTION_RUN_STATE_CANCELLED = Parada
WORD_NORMALISATION_TARGET_PIECEWISE = Na proporção da meta
WORD_NORMALISATION_MIN_MAX = Entre o menor e o maior do conjunto
WORD_NORMALISATION_PERCENTILE = Percentual do conjunto que não é melhor
WORD_NORMALISATION_T_SCORE = Distância da média do conjunto (escore T)
WORD_DIRECTION_HIGHER = quanto maior, melhor
WORD_DIRECTION_LOWER = quanto menor, melhor
WORD_REFINEMENT_STATE_UP_TO_DATE = Atualizado
WORD_REFINEMENT_STATE_BEHIND_BUT_FITS = Desatualizado, mas cabe
WORD_REFINEMENT_STATE_MUST_FOLLOW = Precisa acompanhar
WORD_REFINEMENT_STATE_PARENT_WITHDRAWN = O padrão está fora de uso
WORD_POPULATION_REASON_FITS = Atende a tudo o que foi dito
WORD_POPULATION_REASON_NAMED_IN = Indicada
WORD_POPULATION_REASON_NAMED_OUT = Indicada para ficar de fora
WORD_POPULATION_REASON_NOT_EMPLOYED = Sem vínculo no período
WORD_POPULATION_REASON_OTHER_UNIT = Em outra unidade no dia
WORD_POPULATION_REASON_OTHER_POSITION = Em outro cargo no dia
WORD_POPULATION_REASON_OTHER_GRADE = Em outro nível no dia
WORD_POPULATION_REASON_OTHER_EMPLOYMENT_KIND = Com outro tipo de vínculo no dia
WORD_POPULATION_REASON_EMPLOYMENT_KIND_NOT_SAID = Tipo de vínculo não informado
WORD_DROP_REASON_NOBODY_HAS_DATA = ninguém tem dados
WORD_DROP_REASON_NO_DATA_OF_PERSON = sem dados desta pessoa
WORD_DROP_REASON_NO_TARGET = a mediana não é maior que zero, portanto não há meta
WORD_DROP_REASON_TOO_LARGE = o número é grande demais para calcular
WORD_DROP_REASON_TOO_LARGE_ELSEWHERE = o número de outra pessoa é grande demais para calcular
WORD_DROP_REASON_NO_PAST = não há valor anterior com que comparar
WORD_PERSON_CHANGE_KIND_EMPLOYMENT = outra unidade, ou vínculo em outros dias
WORD_PERSON_CHANGE_KIND_CAME_IN = entrou
WORD_PERSON_CHANGE_KIND_WENT_OUT = saiu
WORD_PERSON_CHANGE_KIND_PAST = tinha outro valor em ciclos anteriores
WORD_OBSERVATION_END_REVISED = Revisada
WORD_OBSERVATION_END_WITHDRAWN = Retirada
WORD_EMPLOYMENT_KIND_FULL_TIME = Tempo integral
WORD_EMPLOYMENT_KIND_PART_TIME = Tempo parcial
WORD_EMPLOYMENT_KIND_FIXED_TERM = Prazo determinado
WORD_EMPLOYMENT_KIND_INTERN = Estágio
WORD_EMPLOYMENT_KIND_AGENCY = Temporário por agência
WORD_EMPLOYMENT_KIND_OUTSOURCED = Terceirizado
WORD_EMPLOYMENT_KIND_FREELANCE = Autônomo
WORD_ORG_UNIT_KIND_UNSPECIFIED = Unidade
WORD_ORG_UNIT_KIND_GROUP = Grupo
WORD_ORG_UNIT_KIND_LEGAL_ENTITY = Empresa
WORD_ORG_UNIT_KIND_BRANCH = Filial
WORD_ORG_UNIT_KIND_DEPARTMENT = Departamento
WORD_ORG_UNIT_KIND_TEAM = Equipe
WORD_REPORTING_LINE_KIND_UNSPECIFIED = Linha
WORD_REPORTING_LINE_KIND_SOLID = Linha direta: responsável
WORD_REPORTING_LINE_KIND_DOTTED = Linha pontilhada: outro gestor
WORD_CATALOGUE_KIND_UNSPECIFIED = Item
WORD_CATALOGUE_KIND_POSITION = Cargo
WORD_CATALOGUE_KIND_GRADE = Nível
WORD_PHASE_KIND_UNSPECIFIED = Não informado
WORD_PHASE_KIND_SHARED = Compartilhada
WORD_PHASE_KIND_MIXED = Em transição
WORD_PHASE_KIND_NAMED = Nominal
WORD_FACT_STATE_UNSPECIFIED = Vale
WORD_FACT_STATE_COUNTS = Vale
WORD_FACT_STATE_VOIDED = Anulado
WORD_FACT_STATE_MOVED = Substituído
WORD_CORRECTION_ACTION_UNSPECIFIED = Corrigir
WORD_CORRECTION_ACTION_ADD = acrescentar o que foi esquecido
WORD_CORRECTION_ACTION_VOID = nunca aconteceu
WORD_CORRECTION_ACTION_MOVE = aconteceu de outro modo
WORD_CORRECTION_ACTION_CHANGE = outro a partir de agora
WORD_CORRECTION_ACTION_CANCEL = sai da escala
WORD_CORRECTION_ACTION_END = termina
WORD_CORRECTION_STATE_UNSPECIFIED = Só consultada

## Console: mine

NAV_TODAY = Hoje
NAV_MONTH = Meu mês
NAV_MY_PAY = Meu pagamento
NAV_FACTS = Meus fatos
UI_MINE_ZONE = Os horários são de { $zone }.
UI_MINE_ZONE_OTHER = Os horários são de { $zone }, como você escolheu; você trabalha em { $site }, e os dias são os dias de lá.
UI_MINE_LASTS = { $hours } h { $minutes } min
UI_MINE_LASTS_COLUMN = Tempo de trabalho
UI_MINE_ACCOUNT = Conta … { $code }
UI_MINE_ACCOUNT_COLUMN = Conta
UI_MINE_FREE = Nada planejado para hoje
UI_MINE_AHEAD = Seu turno começa às { $at }
UI_MINE_LATE = Seu turno começou às { $at }; você não marcou a entrada
UI_MINE_ABSENT = Planejado, e sem marcação
UI_MINE_IN = Em serviço desde { $at }
UI_MINE_MISSING = Falta uma marcação
UI_MINE_WAS = No trabalho por { $lasts }
UI_MINE_DAY_FREE = Folga
UI_MINE_DAY_AHEAD = Planejado
UI_MINE_DAY_LATE = Ainda sem entrada
UI_MINE_DAY_ABSENT = Sem marcação: corrigir
UI_MINE_DAY_IN = Em serviço
UI_MINE_DAY_MISSING = Falta marcação: corrigir
UI_MINE_DAY_WAS = Completo
UI_MINE_COME = Marcar entrada
UI_MINE_LEAVE = Marcar saída
UI_MINE_SHIFT = Turno
UI_MINE_NO_SHIFT = Nenhum turno planejado para este dia.
UI_MINE_SEAT = Posto
UI_MINE_PUNCHES = Marcações
UI_MINE_NO_PUNCHES = Ainda não há marcação neste dia.
UI_MINE_TO_FACTS = Todos os dias e correções
UI_MINE_ACCOUNTS = Contas
UI_MINE_NO_ACCOUNTS = Nenhuma conta está planejada para você. Se você atende em alguma, fale com o seu supervisor.
UI_MINE_TAKE = Assumir
UI_MINE_RELEASE = Passar
UI_MINE_HELD_BY_ME = Com você desde { $at }
UI_MINE_HELD_BY = Com { $name } desde { $at }
UI_MINE_HELD_BY_OTHER = Com outra pessoa desde { $at }
UI_MINE_HELD_BY_NOBODY = Ninguém que você possa ver a ocupa
UI_MINE_DRIFT =
    { $minutes ->
        [one] O relógio do seu dispositivo está com { $minutes } minuto de diferença. A marcação conta no nosso horário; o que o seu dispositivo disse fica guardado ao lado.
       *[other] O relógio do seu dispositivo está com { $minutes } minutos de diferença. A marcação conta no nosso horário; o que o seu dispositivo disse fica guardado ao lado.
    }
UI_MINE_DROPPED = Não conta
UI_MINE_ADDED = Por correção
UI_MINE_MOVE = Corrigir
UI_MINE_VOID = Nunca existiu
UI_MINE_OTHERS_PUNCH = esta marcação foi feita por outra pessoa neste dispositivo: é ela que precisa fazer login para enviá-la
UI_MINE_LATE_REASON = Marcada sem rede em { $at }
UI_MINE_LATE_ASKED = Registrada em { $recorded }. Para contar em { $at }, quando você apertou, aguarda aprovação.
UI_MINE_LATE_NOT_ASKED = Registrada em { $recorded }. Você apertou em { $at }, o que não pôde ser pedido ({ $why }): corrija em Meus fatos.
UI_QUEUE = Marcações feitas sem rede
UI_QUEUE_WAITING = Aguarda a rede e então é enviada sozinha
UI_QUEUE_RECORDED = Registrada
UI_QUEUE_REFUSED = Foi recusada
UI_OFFLINE = Sem rede
UI_OFFLINE_SAID = Você pode marcar o ponto mesmo assim: o seu dispositivo guarda a marcação com o horário e a envia quando houver rede de novo.
UI_OFFLINE_SCRIPTS = Marcações sem rede precisam de scripts, que o seu navegador não executa.
UI_MINE_CYCLES = Ciclos
UI_MINE_SCORE = Pontuação
UI_MINE_PLACE = Posição
UI_MINE_RANK = { $rank } de { $of }
UI_MINE_GAP = Pontos até as metas
UI_MINE_GAP_SAID = O que falta, somado, aos indicadores abaixo da meta
UI_MINE_COLLABORATION = Colaboração
UI_MINE_STEPS = A pontuação, passo a passo
UI_MINE_OF_WEIGHT = { $points } de { $weight }
UI_MINE_IN_WORDS = Cada passo em palavras
UI_MINE_HELPS = O que mais ajudaria
UI_MINE_HELPS_NOTHING = Todos os indicadores atingiram a meta.
UI_MINE_LACKS = Pontos que faltam:
UI_MINE_TOTALS = Atendimentos creditados
UI_MINE_INTERVAL = A marca é o que está creditado a você; com 90% de certeza, o que você atendeu está dentro da barra.
UI_MINE_ALL_ACCOUNTS = Todas as contas
UI_MINE_HOW_SURE = Grau de certeza
UI_MINE_TO_RECORDS = Cada atendimento, e por quê
UI_MINE_RECORDS = Atendimentos
UI_MINE_RECORD = Atendimento
UI_MINE_BEGAN = Início
UI_MINE_SHARE = Sua parte
UI_MINE_OTHERS = Outros
UI_MINE_NO_RECORDS = Nenhum atendimento está creditado a você aqui.
UI_MINE_WHY = Por quê
UI_MINE_HIDDEN = Onde está *** é alguém que você não pode ver.
UI_MINE_VERSIONS = Versões
UI_MINE_VERSION = Versão { $number }: pontuação { $score }
UI_MINE_NO_VERSIONS = Este boletim ainda não foi publicado.
UI_MINE_DRAFT = Este ciclo está em revisão: a pontuação pode mudar até ser publicada.
UI_MINE_NO_CARD = Você ainda não tem boletim. Ele aparece quando um ciclo com você for publicado.
UI_MINE_STATEMENT = Demonstrativo
UI_MINE_STATEMENTS = Demonstrativos
UI_MINE_NO_STATEMENTS = Você ainda não tem demonstrativo. Ele aparece quando se faz uma apuração de um ciclo publicado.
UI_MINE_EQUAL = Divisão por igual
UI_MINE_LINES = De que é feito
UI_MINE_NO_LINES = Este demonstrativo paga só ajustes.
UI_MINE_ADJUSTMENTS = Correções de demonstrativos anteriores
UI_MINE_DELTAS = Valores que foram corrigidos
UI_MINE_LEFT = Ainda a acertar:
UI_MINE_LEFT_NEXT = Fica para o próximo demonstrativo:
UI_MINE_BEHIND =
    A pontuação se baseia em { $total ->
        [one] { $total } atendimento
       *[other] { $total } atendimentos
    }; { $count ->
        [one] { $count } está na lista
       *[other] { $count } estão na lista
    }.
UI_MINE_NO_DAYS = Nenhuma marcação e nenhum turno neste mês.
UI_MINE_FINDINGS = O que há de estranho sobre você
UI_MINE_NO_FINDINGS = Nada: suas marcações e seus atendimentos combinam.
UI_MINE_ADVICE = O que fazer:
UI_MINE_FIX = Pedir a correção
UI_MINE_CORRECTIONS = Correções
UI_MINE_NO_CORRECTIONS = Você não pediu nenhuma correção.
UI_MINE_WITHDRAW = Retirar o pedido
UI_MINE_HANDOVERS = Passagens
UI_MINE_NO_HANDOVERS = Você não assumiu nem passou nenhuma conta neste mês.
UI_MINE_ADD = Acrescentar marcação
UI_MINE_MOVE_TITLE = Corrigir uma marcação
UI_MINE_VOID_TITLE = Uma marcação que nunca existiu
UI_MINE_IT_WAS = O que consta: { $kind }, { $at }
UI_MINE_RIGHT_SAID = Outra pessoa aprova; até lá tudo fica como está. O que foi registrado nunca é apagado.
UI_MINE_WHEN = Quando foi
UI_MINE_KIND = Entrada ou saída
UI_MINE_ASK = Pedir
WORD_PUNCH_KIND_IN = Entrada
WORD_PUNCH_KIND_OUT = Saída
WORD_PUNCH_VERDICT_ACCEPTED = Correto
WORD_PUNCH_VERDICT_DOUBLE_IN = Já havia entrada: esta recomeça
WORD_PUNCH_VERDICT_OUT_WITHOUT_IN = Saída sem entrada antes
WORD_PUNCH_VERDICT_OFF_ROSTER = Fora da escala neste horário
WORD_HANDOVER_KIND_TAKE = Assumida
WORD_HANDOVER_KIND_RELEASE = Passada
WORD_CORRECTION_STATE_WAITING = Aguarda aprovação
WORD_CORRECTION_STATE_APPROVED = Aprovada
WORD_CORRECTION_STATE_MADE = Feita
WORD_CORRECTION_STATE_REJECTED = Rejeitada
WORD_CORRECTION_STATE_WITHDRAWN = Retirada
WORD_PUNCH_KIND_UNSPECIFIED = Marcação
WORD_HANDOVER_KIND_UNSPECIFIED = Passagem
UI_DIALOGUES_AT_ONCE =
    { $count ->
        [one] { $count } conversa por vez
       *[other] { $count } conversas ao mesmo tempo
    }

## Console: team

NAV_TEAM_MONTH = Mês da equipe
NAV_TEAM_ACCOUNTS = Contas ao longo do tempo
NAV_FINDINGS = Ocorrências
NAV_HANDOVERS = Passagens
NAV_ROSTER = Escala
UI_TEAM_ABOUT = Sobre
UI_TEAM_ACCOUNT = Conta
UI_TEAM_ACCOUNTS_SAID = Escolha uma conta para ver quem a ocupou, o que chegou e de quem é.
UI_TEAM_ASK_TO_PUT_RIGHT = Pedir a correção
UI_TEAM_BEGAN = Início
UI_TEAM_BROUGHT_BY = A correção que o trouxe
UI_TEAM_BY_ACCOUNTS = Por contas
UI_TEAM_BY_PEOPLE = Por pessoas
UI_TEAM_BY_WHAT = Pessoas ou contas
UI_TEAM_CANCEL_SHIFT = Cancelar o turno
UI_TEAM_CERTAIN = Certos
UI_TEAM_CERTAIN_SAID = indicado, reivindicado, com a conta ou sozinho em serviço
UI_TEAM_CHANGE_SHIFT = Alterar o turno
UI_TEAM_COLLABORATION = Colaboração
UI_TEAM_COMPARED_WITH = Em comparação com { $before }
UI_TEAM_CORRECTIONS_WAIT =
    { $count ->
        [one] { $count } correção de passagem aguarda aprovação
       *[other] { $count } correções de passagens aguardam aprovação
    }
UI_TEAM_CORRECTION_NOT_YOURS = Você pode ver, mas não pedir a correção.
UI_TEAM_CORRECTION_WAITS = Uma correção disto aguarda aprovação.
UI_TEAM_COUNTS_NO_MORE = Não conta mais, portanto não há o que corrigir aqui.
UI_TEAM_COUNTS_NO_MORE_BY = A correção pela qual não conta mais
UI_TEAM_COUNTS_PUT_RIGHT = corrigido
UI_TEAM_CREDITED_TO_NOBODY =
    { $count ->
        [one] { $count } atendimento destes dias não está creditado a ninguém.
       *[other] { $count } atendimentos destes dias não estão creditados a ninguém.
    }
UI_TEAM_CREDITS_OF = Créditos de
UI_TEAM_CUSTOMER = Cliente
UI_TEAM_CYCLE = Ciclo
UI_TEAM_DAYS =
    { $count ->
        [one] { $count } dia
       *[other] { $count } dias
    }
UI_TEAM_DAYS_SHOWN = Dias mostrados
UI_TEAM_DAYS_TOO_MANY = no máximo { $limit } dias por vez
UI_TEAM_DAY_DRAWN =
    { $day }: { $records ->
        [one] { $records } atendimento
       *[other] { $records } atendimentos
    }, { $gaps ->
        [0] alguém em serviço o dia todo
        [one] { $gaps } período sem ninguém em serviço
       *[other] { $gaps } períodos sem ninguém em serviço
    }.
UI_TEAM_DEVICE = Dispositivo
UI_TEAM_DUTY_AS_TABLE = Serviço em tabela
UI_TEAM_EARLIER_VERSIONS = Versões anteriores
UI_TEAM_ENDED = Fim
UI_TEAM_END_HINT = Se não for depois do início, termina no dia seguinte.
UI_TEAM_EVIDENCE = Evidência
UI_TEAM_FINDINGS_OF = Ocorrências de
UI_TEAM_FIRST_DAY = Primeiro dia
UI_TEAM_FIRST_REPLY = Primeira resposta
UI_TEAM_FIX = Pode ser corrigida
UI_TEAM_FIXABLE =
    { $count ->
        [one] { $count } destas pode ser corrigida daqui: abra-a para ver o que seria feito.
       *[other] { $count } destas podem ser corrigidas daqui: abra uma para ver o que seria feito.
    }
UI_TEAM_FIX_ALIAS = “{ $alias }” em { $platform } passará a indicar { $person }.
UI_TEAM_FIX_AT_ONCE = Vale imediatamente.
UI_TEAM_FIX_CLOSE = O ciclo será fechado de novo.
UI_TEAM_FIX_HANDOVER = Será acrescentada uma passagem de { $account } por { $person }: { $kind }, { $at }.
UI_TEAM_FIX_MOVE = O atendimento { $record } irá de { $from } para { $to }.
UI_TEAM_FIX_NONE = O que corrige isto não decorre do que se sabe: alguém que estava lá precisa dizer. A orientação acima diz o que fazer.
UI_TEAM_FIX_NOT_YOURS = Alguém com mais direitos pode corrigir isto.
UI_TEAM_FIX_OTHER = { $call } será chamada.
UI_TEAM_FIX_PUNCH = Será acrescentada uma marcação de { $person }: { $kind }, { $at }.
UI_TEAM_FIX_THERE = pode ser corrigida
UI_TEAM_FIX_WAITS = Outra pessoa precisa aprovar antes que valha.
UI_TEAM_FORGOTTEN_HANDOVER = Acrescentar passagem esquecida
UI_TEAM_MONDAY = Seg
UI_TEAM_TUESDAY = Ter
UI_TEAM_WEDNESDAY = Qua
UI_TEAM_THURSDAY = Qui
UI_TEAM_FRIDAY = Sex
UI_TEAM_SATURDAY = Sáb
UI_TEAM_SUNDAY = Dom
UI_TEAM_FROM = De
UI_TEAM_GAP_AT = ninguém { $gaps }
UI_TEAM_GAP_BUSY = Ninguém em serviço, e chegaram atendimentos
UI_TEAM_HANDOVER = Passagem
UI_TEAM_HOW_KNOWN = Como se sabe
UI_TEAM_HOW_SURE = Grau de certeza
UI_TEAM_HOW_THE_SCORE_CAME = Como se chegou à pontuação
UI_TEAM_INDICATOR = Indicador
UI_TEAM_KIND = Tipo
UI_TEAM_LAST_DAY = Último dia
UI_TEAM_LAST_DAY_HINT = Vazio: só o primeiro dia.
UI_TEAM_LEGEND = Como ler
UI_TEAM_LEGEND_SAID = Cada atendimento é pintado nas cores das pessoas a quem está creditado, cada cor com a altura da parte dela, e mais clara quanto menor essa parte. A letra é de quem tem mais; os nomes estão nas faixas. Círculos são marcações e passagens: cheios para entrada e assumir, vazados para saída e passar.
UI_TEAM_LOOK_AT_IT = Ver
UI_TEAM_MOVED = Mudança da pontuação
UI_TEAM_MOVE_HINT = Só é lido quando aconteceu em outro horário.
UI_TEAM_NAMED = Atendente indicado
UI_TEAM_NOBODY = Ninguém
UI_TEAM_NOBODY_ON_DUTY = Ninguém em serviço
UI_TEAM_NOTHING_ODD = Nada de estranho neste mês.
UI_TEAM_NOT_CREDITED = ainda não creditado
UI_TEAM_NOT_CREDITED_YET = Aqui ainda não há nada creditado: nenhum ciclo fechado ou execução abrange estes dias. Mostra-se o que chegou e quem estava em serviço.
UI_TEAM_NO_ACCOUNTS = Não há conta onde você pode ver.
UI_TEAM_NO_CARDS = Não há boletins onde você pode ver.
UI_TEAM_NO_CARDS_DO = Eles aparecem quando um ciclo é fechado. Escolha outro ciclo acima ou, enquanto isso, veja as contas.
UI_TEAM_NO_CARD_OF_PERSON = Não há boletim desta pessoa neste ciclo.
UI_TEAM_NO_FINDINGS = Não se encontrou nada que alguém deva examinar.
UI_TEAM_NO_FINDINGS_DO = As ocorrências vêm com cada execução de atribuição, também antes de fechar um ciclo.
UI_TEAM_NO_HANDOVERS = Nenhuma passagem nestes dias.
UI_TEAM_NO_HANDOVERS_DO = Escolha outros dias acima. As passagens são registradas quando as pessoas assumem e passam uma conta.
UI_TEAM_NO_RECORDS = Nenhum atendimento chegou nestes dias.
UI_TEAM_NO_SHIFT = sem turno
UI_TEAM_ON_DUTY = Em serviço
UI_TEAM_ON_DUTY_HELD = Em serviço por passagem
UI_TEAM_ON_DUTY_LOOSE = Em serviço como parte da equipe
UI_TEAM_OTHERS = Pessoas que você não pode ver
UI_TEAM_OTHER_ACCOUNT = Uma conta que você não pode ver
UI_TEAM_OUTSIDE = Atendimentos fora
UI_TEAM_PERSON = Pessoa
UI_TEAM_PERSON_HINT = Um nome ou uma matrícula da lista.
UI_TEAM_PHASE = Usada como
UI_TEAM_PLATFORM = Plataforma
UI_TEAM_POINTS = Pontos
UI_TEAM_POINTS_BY_INDICATOR = Pontos de cada indicador
UI_TEAM_POLICY = Política
UI_TEAM_PUBLISH_SAID = Os horários são do fuso da conta. Quem trabalha no turno fica sabendo na hora.
UI_TEAM_PUBLISH_SHIFTS = Publicar turnos
UI_TEAM_PUNCHED = Com entrada marcada
UI_TEAM_PUT_IT_RIGHT = Corrigir
UI_TEAM_PUT_RIGHT_BECAUSE = Por que foi corrigido
UI_TEAM_RANGE = Intervalo (90%)
UI_TEAM_RANK = Posição
UI_TEAM_RANK_OF = { $rank } de { $of }
UI_TEAM_RATING = Nota
UI_TEAM_RECORD = Atendimento
UI_TEAM_RECORDS = Atendimentos
UI_TEAM_RECORDS_AS_TABLE = Atendimentos em tabela
UI_TEAM_RECORDS_CAME = atendimentos chegaram
UI_TEAM_RECORDS_CREDITED = creditados às pessoas que você pode ver
UI_TEAM_REFUND_OF = Reembolso de
UI_TEAM_RESOLVED = Resolvido
UI_TEAM_ROSTERED = Na escala
UI_TEAM_SCORE = Pontuação
UI_TEAM_SCORE_MEDIAN = Pontuação mediana
UI_TEAM_SEAT = Posto
UI_TEAM_SECONDS = { $seconds } s
UI_TEAM_SHIFT = Turno
UI_TEAM_SHIFT_COUNTS_NO_MORE = Este turno não conta mais: altere o que conta no lugar dele.
UI_TEAM_SHIFT_NOT_YOURS = Você pode ver este turno, mas não alterá-lo.
UI_TEAM_SHIFT_REASON_HINT = Necessário depois que o turno começou.
UI_TEAM_STORE = Loja
UI_TEAM_SURE_KNOWN = Certo
UI_TEAM_SURE_NOBODY = Não creditado a ninguém
UI_TEAM_SURE_SHARED = Dividido por igual, nada distingue as pessoas
UI_TEAM_SURE_WEIGHED = Ponderado pelas evidências
UI_TEAM_TARGET = Meta
UI_TEAM_TIMES_IN = Horários em { $zone } ({ $offset }).
UI_TEAM_TIMES_OF_ACCOUNTS = Os horários são do fuso de cada conta.
UI_TEAM_TO = Até
UI_TEAM_TODAY = Hoje
UI_TEAM_TO_THE_CARD = Ir para o boletim
UI_TEAM_TO_THE_FINDINGS = Ocorrências deste mês
UI_TEAM_TO_THE_TABLE = Ir para a tabela de atendimentos
UI_TEAM_TO_THE_TIMELINE = Linha do tempo
UI_TEAM_VALUE = Valor
UI_TEAM_VIEW = Quanto mostrar
UI_TEAM_VIEW_DAY = Dia
UI_TEAM_VIEW_MONTH = Mês
UI_TEAM_VIEW_WEEK = Semana
UI_TEAM_WEIGHT = Peso
UI_TEAM_WHAT = O quê
UI_TEAM_WHAT_CORRECTIONS_CHANGED = O que as correções mudaram
UI_TEAM_WHAT_IS_ODD = O que há de estranho
UI_TEAM_WHAT_IS_RIGHT = O que é certo
UI_TEAM_WHAT_IT_WAS = O que foi
UI_TEAM_WHAT_SHOWS_IT = O que comprova
UI_TEAM_WHAT_TO_DO = O que fazer
UI_TEAM_WHAT_WAS_PUT_RIGHT = O que foi corrigido
UI_TEAM_WHAT_WAS_SEEN = O que se viu
UI_TEAM_WHEN = Quando
UI_TEAM_WHEN_IT_WAS = Quando foi
UI_TEAM_WHERE_THE_RECORDS_ARE = Onde estão os atendimentos
UI_TEAM_WHOSE = De quem é
UI_TEAM_WHY = Por quê
UI_TEAM_ZONE_OF_DAYS = Fuso dos dias
WORD_DUTY_RULE_HANDOVER = com a conta por passagem
WORD_DUTY_RULE_ROSTER = na escala, e nenhuma marcação em contrário
WORD_DUTY_RULE_PUNCH = da equipe, e com entrada marcada
WORD_DUTY_RULE_TEAM = sem evidências: a equipe inteira
WORD_VERSION_END_REVISED = revisado por quem enviou
WORD_VERSION_END_MOVED = movido para outra conta
WORD_VERSION_END_WITHDRAWN = retirado
WORD_NOBODY_ON_DUTY = ninguém estava em serviço
DONE_FIX_ASKED = Pedido feito. Agora outra pessoa aprova
DONE_FIX_MADE = Corrigido
DONE_CORRECTION_ASKED = Pedido feito. Agora outra pessoa aprova
DONE_SHIFTS_PUBLISHED = Turnos publicados
DONE_SHIFT_CHANGED = Turno alterado
DONE_SHIFT_CANCELLED = Turno cancelado

## Console: words that other rooms have too

WORD_RECORD_AGGREGATION_MEAN = A média
WORD_RECORD_AGGREGATION_SUM = A soma
WORD_RECORD_AGGREGATION_COUNT = Quantos são
WORD_RECORD_AGGREGATION_SHARE = O percentual que passa no teste
WORD_RECORD_AGGREGATION_DISTINCT = Quantos clientes
WORD_OBSERVATION_AGGREGATION_SUM = A soma
WORD_OBSERVATION_AGGREGATION_MEAN = A média
WORD_OBSERVATION_AGGREGATION_LAST = A última
WORD_OBSERVATION_OF_PERSON = A pessoa
WORD_OBSERVATION_OF_UNIT = A unidade da pessoa
WORD_OBSERVATION_OF_ACCOUNT = Uma conta
WORD_OBSERVATION_OF_STORE = Uma loja
WORD_OBSERVATION_OF_CAMPAIGN = Uma campanha
WORD_COMPARISON_AT_MOST = no máximo
WORD_COMPARISON_AT_LEAST = no mínimo
WORD_COMPARISON_BELOW = abaixo de
WORD_COMPARISON_ABOVE = acima de
WORD_COMPARISON_EQUAL = exatamente
DONE_SCHEME_SAVED = A versão foi salva.
DONE_SCHEME_WITHDRAWN = Está fora de uso.
DONE_MEASURE_SAVED = A métrica foi salva.
DONE_MEASURE_RETIRED = A métrica está fora de uso.
DONE_CYCLE_MADE = O ciclo foi criado.
DONE_CYCLE_CLOSING = O fechamento começou.
DONE_CYCLE_CANCELLED = Foi parado.
DONE_CYCLE_CORRECTING = A correção está sendo calculada.
DONE_CYCLE_PUBLISHED = O resultado foi publicado.
DONE_RUN_STARTED = A execução começou.
DONE_RUN_CANCELLED = A execução foi parada.
DONE_OBSERVATION_WITHDRAWN = A observação foi retirada.
WORD_FINDING_MISSING_PUNCH = Falta uma marcação
WORD_FINDING_DOUBLE_IN = Entrada marcada duas vezes
WORD_FINDING_TAG_OFF_DUTY = Indicado pela plataforma fora de serviço
WORD_FINDING_UNCOVERED_SHIFT = Turno que ninguém trabalhou
WORD_FINDING_NAMED_WITHOUT_AGENT = Nominal, mas sem esse atendente
WORD_FINDING_MISSING_RELEASE = Conta nunca devolvida
WORD_FINDING_CLAIM_OFF_DUTY = Reivindicação fora de serviço
WORD_FINDING_OVERLAP = Duas pessoas na mesma conta ao mesmo tempo
WORD_FINDING_SEVERAL_AT_ONCE = Em várias contas ao mesmo tempo
WORD_FINDING_TOO_FEW_REPLIES = Respostas de menos para distinguir
WORD_FINDING_DEVICE_OFF_DUTY = Dispositivo de alguém fora de serviço
WORD_FINDING_MIXED_WITHOUT_TAG = Conta em transição sem nomes
WORD_FINDING_NO_DUTY_EVIDENCE = Nenhuma evidência de serviço
WORD_FINDING_CLAIMS_DIFFER = Reivindicações que se contradizem
WORD_FINDING_CLAIM_WITHOUT_RECORD = Reivindicação sem atendimento
WORD_FINDING_BREAKS_NOT_PUNCHED = Pausas que ninguém marcou
WORD_FINDING_DEVICE_OF_NOBODY = Dispositivo de ninguém
WORD_FINDING_EVIDENCE_UNEVEN = Evidências desiguais
WORD_FINDING_EVIDENCE_NOT_READ = Evidências que não foram lidas
DONE_CAME = Sua entrada foi marcada.
DONE_LEFT = Sua saída foi marcada.
DONE_PUNCHED = A marcação foi registrada.
DONE_TOOK = A conta está com você a partir de agora.
DONE_RELEASED = A conta foi passada.
DONE_ASKED = Pedido feito: outra pessoa aprova.
DONE_WITHDRAWN = Pedido retirado.

## Console: pay

NAV_POOLS = Verbas
NAV_SETTLEMENTS = Apurações
NAV_STATEMENTS = Demonstrativos
NAV_PAY_CORRECTIONS = Correções de pagamento
NAV_RATES = Cotações
WORD_SETTLEMENT_STATE_DRAFT = Rascunho
WORD_SETTLEMENT_STATE_APPROVED = Aprovada
WORD_SETTLEMENT_STATE_POSTED = Lançada
WORD_SETTLEMENT_STATE_DISCARDED = Descartada
WORD_PAY_CORRECTION_STATE_DRAFT = Rascunho
WORD_PAY_CORRECTION_STATE_APPROVED = Aprovada
WORD_PAY_CORRECTION_STATE_WITHDRAWN = Retirada
DONE_POOL_MADE = A verba foi criada.
DONE_SETTLEMENT_DRAFTED = A apuração foi elaborada. Outra pessoa a aprova.
DONE_PAY_APPROVED = A apuração foi aprovada. Já pode ser lançada.
DONE_PAY_POSTED = A apuração foi lançada. Ela nunca mais muda.
DONE_PAY_DISCARDED = A apuração foi descartada.
DONE_NOTHING_MOVED_ON = Nada foi feito: já tinha avançado. Esta é a situação agora.
DONE_PAY_CORRECTION_DRAFTED = A correção foi elaborada. Outra pessoa a aprova.
DONE_PAY_CORRECTION_APPROVED = A correção foi aprovada. As próximas apurações pagam as diferenças.
DONE_PAY_CORRECTION_WITHDRAWN = A correção foi retirada.
DONE_RATE_SET = A cotação foi registrada.
DONE_RATE_KNOWN = Nada foi gravado: esta cotação já era conhecida.
UI_PAY_ACCOUNT = Conta
UI_PAY_ACCOUNT_HIDDEN = Uma conta que você não pode ver
UI_PAY_ADJUSTMENTS = Correções de meses anteriores
UI_PAY_ADJUSTMENTS_ALONE = Este demonstrativo não tem parte da verba: paga só correções de meses anteriores.
UI_PAY_ALSO_SUPERSEDED = Mostrar também o que não conta mais
UI_PAY_AMOUNTS_HIDDEN = Você pode ver que há demonstrativos, mas não quanto cada um recebe: os valores não foram enviados a esta página.
UI_PAY_AMOUNT_HINT = Algarismos com no máximo um ponto, como 120000.50.
UI_PAY_ANOTHER_ACCOUNT = outra conta (…{ $tail })
UI_PAY_APPROVAL_ELSEWHERE = Aguarda a aprovação de alguém que possa aprovar. Você não pode.
UI_PAY_APPROVE = Aprovar
UI_PAY_APPROVE_PAY_CORRECTION_SAID = A partir daí, as próximas apurações pagam ou retêm as diferenças.
UI_PAY_APPROVE_SAID = Não foi você quem a preparou, portanto você pode aprová-la. Veja antes as linhas e a soma.
UI_PAY_BEFORE = Antes
UI_PAY_BEFORE_ROUNDING = Antes do arredondamento
UI_PAY_BESIDE_THE_POOL = Além da verba
UI_PAY_CARRY = Levar os centavos restantes para o mês seguinte
UI_PAY_CARRY_HINT = Centavos que não se dividem por igual passam de um mês para outro, para que se compensem.
UI_PAY_CORRECTION = Correção de pagamento
UI_PAY_CORRECTION_REASON_HINT = Todo demonstrativo que muda o mostra.
UI_PAY_CORRECTION_SAID = O que foi lançado fica. A verba é dividida mais uma vez pelos boletins como estão agora, e a próxima apuração paga a diferença de cada pessoa.
UI_PAY_COUNTS = Vale
UI_PAY_CURRENCY = Moeda
UI_PAY_CURRENCY_HINT = Três letras, como CNY.
UI_PAY_CYCLE = Ciclo
UI_PAY_CYCLE_HIDDEN = Um ciclo que você não pode ver
UI_PAY_DELTAS = Quem recebe outro valor
UI_PAY_DIFFERENCE = Diferença
UI_PAY_DISCARD = Descartar
UI_PAY_DISCARD_SAID = Descarta a apuração. Depois a verba pode ser dividida de novo.
UI_PAY_DRAFT_PAY_CORRECTION = Elaborar esta correção
UI_PAY_DRAFT_SETTLEMENT = Elaborar uma apuração
UI_PAY_EQUAL_SPLIT = Divisão por igual
UI_PAY_EQUAL_SPLIT_SAID = o que cada um receberia sem pontuações
UI_PAY_FLOOR = Pontuação acima da qual os pontos contam
UI_PAY_FLOOR_HINT = Nela ou abaixo dela ninguém recebe nada; vazio significa 0.
UI_PAY_FUND_NAME = Nome do fundo
UI_PAY_HIDDEN = oculto
UI_PAY_HOW_KNOWN = Como se sabe
UI_PAY_HOW_MADE = Como se chega ao valor
UI_PAY_HOW_SPLIT = Como é dividida
UI_PAY_IN = Em
UI_PAY_LEFT_TO_PAY = Falta pagar
UI_PAY_LESS = A menos, no total
UI_PAY_LINES_TOGETHER = Soma das linhas
UI_PAY_LOWEST_SCORE = menor pontuação
UI_PAY_MAKE_POOL = Criar a verba
UI_PAY_MORE = A mais, no total
UI_PAY_NAME_HIDDEN = Nome oculto
UI_PAY_NEW_PAY_CORRECTION = Corrigir pagamento
UI_PAY_NEW_POOL = Nova verba
UI_PAY_NEW_RATE = Nova cotação
UI_PAY_NEW_SETTLEMENT = Nova apuração
UI_PAY_NOW = Agora
UI_PAY_NO_CARRY = Os centavos restantes são distribuídos dentro do mês.
UI_PAY_NO_DELTAS = Ninguém recebe outro valor.
UI_PAY_NO_PAY_CORRECTIONS = Ainda não se corrigiu nenhum pagamento. Uma apuração lançada é corrigida por uma correção dela.
UI_PAY_NO_PERCENT = não é um percentual de 0 a 100 com no máximo quatro casas depois do ponto
UI_PAY_NO_POOLS = Ainda não há verba. Crie uma para um ciclo: um valor, e como ele é dividido.
UI_PAY_NO_POOL_READY = Nenhuma verba pode ser dividida agora: cada uma já foi paga ou está a caminho, ou o ciclo dela não foi publicado. Crie uma verba ou publique o ciclo primeiro.
UI_PAY_NO_POSTED_SETTLEMENT = Ainda não há nada lançado, portanto não há o que corrigir. Um rascunho é descartado e elaborado de novo.
UI_PAY_NO_RATES = Ainda não se conhece cotação. Só é preciso uma quando se calcula com dinheiro de outra moeda.
UI_PAY_NO_RECORDS_BEHIND = Não há atendimento por trás deste demonstrativo.
UI_PAY_NO_SETTLEMENTS = Ainda não há apuração. Elabore uma a partir de um ciclo publicado e de uma verba.
UI_PAY_NO_SETTLEMENT_OF_POOL = A verba ainda não foi apurada: elabore uma apuração dela.
UI_PAY_NO_STATEMENTS = Não há aqui demonstrativo que você possa ver.
UI_PAY_NOT_PUBLISHED = ainda não publicado
UI_PAY_NUMBER = Número
UI_PAY_NUMBERED = { $at }. { $label }
UI_PAY_OF_THE_POOL = Da verba
UI_PAY_ONE_OF = Uma unidade de
UI_PAY_ONLY_COUNTING = Mostrar só o que conta
UI_PAY_PAID = Pago às pessoas
UI_PAY_PART_FUND_SAID = Esta parte fica guardada para a equipe e não é paga a ninguém. Deixe a participação vazia para não usá-la.
UI_PAY_PART_PROPORTIONAL_SAID = Cada um recebe pelos pontos acima do piso. Deixe a participação vazia para não usá-la.
UI_PAY_PART_TIERS_SAID = A melhor faixa primeiro. Cada faixa abrange um percentual das pessoas, ou todas a partir de uma pontuação; quem está nela tem o peso dela. Deixe a participação vazia para não usá-la.
UI_PAY_PERCENT_OF_POOL = Percentual da verba
UI_PAY_POOL = Verba
UI_PAY_POOLS_WAIT =
    { $count ->
        [one] Uma verba não está entre as opções: as pontuações do ciclo não foram publicadas.
       *[other] { $count } verbas não estão entre as opções: as pontuações dos ciclos não foram publicadas.
    }
UI_PAY_POOL_NAME_HINT = Por exemplo: Bônus de março.
UI_PAY_POOL_TO_SPLIT_HINT = Só verbas cujo ciclo foi publicado e que ainda não foram pagas.
UI_PAY_POOL_UNIT_HINT = A quem ela paga: a unidade do ciclo ou uma abaixo. Vazio significa o ciclo inteiro.
UI_PAY_POOL_WAITS = A verba pode ser apurada quando as pontuações do ciclo forem publicadas.
UI_PAY_POST = Lançar
UI_PAY_POSTING_ELSEWHERE = Aguarda alguém que possa lançar. Você não pode.
UI_PAY_POST_SAID = A partir daí ela nunca muda, e a verba está paga.
UI_PAY_PREPARED_AT = Preparada
UI_PAY_PUBLISHED = publicado
UI_PAY_QUOTA = por cento das pessoas
UI_PAY_RATE = Cotação
UI_PAY_RATES_SAID = Uma cotação vale até a próxima das mesmas moedas. O que foi dito antes continua legível.
UI_PAY_RATE_HINT = Por exemplo, 7.1234.
UI_PAY_RECORD = Atendimento
UI_PAY_RECORDS_BEHIND = Atendimentos por trás
UI_PAY_RECORDS_TRACED = { $count } de { $all } atendimentos
UI_PAY_ROW_REFUSED = { $said }
UI_PAY_RULE_FUND_SAID = Guardado para a equipe, e não pago a ninguém.
UI_PAY_RULE_PROPORTIONAL = Na proporção da pontuação
UI_PAY_RULE_PROPORTIONAL_SAID = Cada um recebe pelos pontos acima de { $floor }.
UI_PAY_RULE_TIERS = Por faixas
UI_PAY_RULE_TIERS_SAID = Quem está em uma faixa tem o peso dela; a parte é dividida pelos pesos.
UI_PAY_SAY_SURE = confirme que tem certeza
UI_PAY_SCORE = Pontuação
UI_PAY_SETTLEMENT = Apuração
UI_PAY_SETTLEMENT_LINES = O que cada pessoa recebe
UI_PAY_SETTLEMENT_LINES_SAID = Cada linha leva ao demonstrativo: os passos, o boletim e os atendimentos por trás. As pontuações são de
UI_PAY_SET_RATE = Registrar a cotação
UI_PAY_SHARES_SUM = as participações de todas as partes somam { $sum }%, e não 100%
UI_PAY_SHOW_DIFFERENCE = Mostrar o que mudaria
UI_PAY_SHOW_MORE = Mostrar mais
UI_PAY_SOURCE = Fonte
UI_PAY_SOURCE_HINT = Por exemplo, a cotação diária do banco central.
UI_PAY_STATEMENT = Demonstrativo
UI_PAY_STEP_APPROVED = Aprovada
UI_PAY_STEP_DISCARDED = Descartada
UI_PAY_STEP_DRAFTED = Elaborada
UI_PAY_STEP_POSTED = Lançada
UI_PAY_STEP_PREPARED = Preparada
UI_PAY_STEP_WAITS_APPROVAL = Aguarda aprovação de outra pessoa
UI_PAY_STEP_WAITS_POSTING = Aguarda lançamento
UI_PAY_STEP_WITHDRAWN = Retirada
UI_PAY_SUM = A soma
UI_PAY_SUM_FAILS = Não soma o valor da verba
UI_PAY_SUM_HOLDS = Igual à verba, até o último centavo
UI_PAY_SUPERSEDED = Não conta mais
UI_PAY_TEAM_FUND = Fundo da equipe
UI_PAY_TIER = Faixa
UI_PAY_TIER_FROM = a partir da pontuação { $score }
UI_PAY_TIER_QUOTA = { $quota } das pessoas
UI_PAY_TO_CARD = Ir para o boletim
UI_PAY_TO_RECORDS = Ir para os atendimentos
UI_PAY_TO_SETTLEMENT = A apuração que é corrigida
UI_PAY_UNIT_HIDDEN = Uma unidade que você não pode ver
UI_PAY_UNKNOWN_STEP = esse não é um passo desta página: recarregue-a
UI_PAY_WEIGHT = Peso
UI_PAY_WEIGHT_OF = { $weight } de { $sum }
UI_PAY_WHAT_WOULD_CHANGE = O que mudaria
UI_PAY_WHO = Quem
UI_PAY_WHOLE_GROUP = O grupo inteiro
UI_PAY_WHY = O que causou a diferença
UI_PAY_WITHDRAW = Retirar
UI_PAY_WITHDRAW_SAID = Descarta o rascunho; o pagamento de ninguém muda.
UI_PAY_WOULD_CHANGE =
    { $people ->
        [one] Uma pessoa recebe outro valor: { $more } a mais e { $less } a menos. Nada foi gravado ainda.
       *[other] { $people } pessoas recebem outro valor: { $more } a mais e { $less } a menos. Nada foi gravado ainda.
    }
UI_PAY_WRITTEN_AT = Gravado
UI_PAY_YOU = você
UI_PAY_YOU_HAD_A_HAND = Você a preparou ou aprovou, portanto outra pessoa a lança (quatro olhos).
UI_PAY_YOU_PREPARED = Você a preparou, portanto outra pessoa a aprova (quatro olhos).

## Console: audit

NAV_AUDIT_LOG = Log
NAV_AUDIT_EXPORTS = Explicações
UI_AUDIT_BY_PERSON = Sobre uma pessoa
UI_AUDIT_BY_ACCOUNT = Por uma conta
UI_AUDIT_BY_THING = Sobre um objeto
UI_AUDIT_PERSON = Matrícula, ou o id de uma pessoa
UI_AUDIT_THING = Sobre o quê
UI_AUDIT_ID = O id
UI_AUDIT_FROM = De (dia)
UI_AUDIT_TO = Até (dia, inclusive)
UI_AUDIT_FOUND = O que os logs dizem
UI_AUDIT_ASK = Pergunte sobre uma pessoa, uma conta ou um objeto: os cinco serviços respondem em uma só lista, do mais recente ao mais antigo.
UI_AUDIT_NOTHING = Os logs não dizem nada sobre isto nestes dias, onde você pode ler.
UI_AUDIT_NO_DAY = “{ $text }” não é um dia: escreva um como 2026-03-31
UI_AUDIT_NOBODY = ninguém que você possa ler tem a matrícula “{ $text }”
UI_AUDIT_NO_ACCOUNT = não há conta “{ $text }” entre aquelas cujos nomes você pode ler: escreva o id
UI_AUDIT_SILENT = Estes serviços não responderam, portanto faltam aqui os registros deles. Tente de novo.
UI_AUDIT_NEWEST = Ir para os mais recentes
UI_AUDIT_OLDER = Registros mais antigos
UI_AUDIT_WHEN = Quando
UI_AUDIT_WHO = Quem
UI_AUDIT_WHAT = O que foi feito
UI_AUDIT_LOG_OF = Log de
UI_AUDIT_NOTES = Notas
UI_AUDIT_ACTION = Ação
UI_AUDIT_METHOD = Rpc
UI_AUDIT_POSITION = Posição na cadeia
UI_AUDIT_SERVICE = o serviço { $name }
UI_AUDIT_NOBODY_SIGNED_IN = ninguém com login
UI_AUDIT_EXPORTS_SAID = Do todo até cada atendimento: os boletins de um ciclo, cada apuração com as linhas, cada demonstrativo com os atendimentos por trás. Cada lista pode ser baixada como é mostrada.
UI_AUDIT_NO_MONTHS = Ainda não há ciclo publicado.
UI_AUDIT_A_CORRECTION = correção
UI_AUDIT_CARDS = Ciclo e boletins
UI_AUDIT_LOG_OF_IT = O log
WORD_SERVICE_IDENTITY = identidade
WORD_SERVICE_ATTENDANCE = jornada
WORD_SERVICE_PERFORMANCE = desempenho
WORD_SERVICE_COMPENSATION = remuneração
WORD_SERVICE_TALENT = talentos
WORD_THING_ACCOUNT = Conta
WORD_THING_ALIAS = Apelido
WORD_THING_API_KEY = Chave de API
WORD_THING_ATTRIBUTION_RUN = Execução de atribuição
WORD_THING_BREAK_GLASS = Acesso de emergência
WORD_THING_CARD = Boletim
WORD_THING_CATALOGUE = Catálogo
WORD_THING_CLAIM = Reivindicação
WORD_THING_CORRECTION = Correção
WORD_THING_CYCLE = Ciclo
WORD_THING_DATA_KEY = Chave de dados
WORD_THING_DELEGATION = Delegação
WORD_THING_DEVICE = Dispositivo
WORD_THING_ERASURE = Eliminação
WORD_THING_EVENT = Evento
WORD_THING_FINDING = Ocorrência
WORD_THING_GRANT = Concessão
WORD_THING_HANDOVER = Passagem
WORD_THING_HOLD = Bloqueio legal
WORD_THING_MEASURE = Métrica
WORD_THING_OBSERVATION = Observação
WORD_THING_ORG_UNIT = Unidade
WORD_THING_PAY_CORRECTION = Correção de pagamento
WORD_THING_PERSON = Pessoa
WORD_THING_POOL = Verba
WORD_THING_PRINCIPAL = Identidade na suíte
WORD_THING_PUNCH = Marcação
WORD_THING_RATE = Cotação
WORD_THING_RECORD = Atendimento
WORD_THING_REGION = Região
WORD_THING_REPLIES = Respostas
WORD_THING_RETENTION = Retenção
WORD_THING_ROLE = Papel
WORD_THING_ROSTER = Escala
WORD_THING_ROW = Linhas de uma lista
WORD_THING_SCHEDULE = Agendamento
WORD_THING_SCHEDULE_RUN = Execução de um agendamento
WORD_THING_SCHEME = Modelo de avaliação
WORD_THING_SESSION = Sessão
WORD_THING_SETTLEMENT = Apuração
WORD_THING_SITE = Local
WORD_THING_SSO_PROVIDER = Provedor de login
WORD_THING_STATEMENT = Demonstrativo
WORD_THING_SUBJECT = Log sobre um objeto
WORD_THING_TABLE = Tabela
WORD_THING_TENANT = Grupo
WORD_THING_TRANSFER = Transferência
WORD_DID_ATTENDANCE_ACCOUNT_READ = Leu contas
WORD_DID_ATTENDANCE_ACCOUNT_WRITE = Gravou contas
WORD_DID_ATTENDANCE_ALIAS_READ = Leu apelidos
WORD_DID_ATTENDANCE_ALIAS_WRITE = Gravou apelidos
WORD_DID_ATTENDANCE_CORRECTION_APPROVE = Aprovou uma correção
WORD_DID_ATTENDANCE_CORRECTION_MAKE = Corrigiu algo
WORD_DID_ATTENDANCE_CORRECTION_READ = Leu correções
WORD_DID_ATTENDANCE_CORRECTION_REJECT = Rejeitou uma correção
WORD_DID_ATTENDANCE_CORRECTION_REQUEST = Pediu uma correção
WORD_DID_ATTENDANCE_CORRECTION_WITHDRAW = Retirou uma correção
WORD_DID_ATTENDANCE_DEVICE_READ = Leu dispositivos
WORD_DID_ATTENDANCE_DEVICE_WRITE = Gravou dispositivos
WORD_DID_ATTENDANCE_HANDOVER_IMPORT = Importou passagens
WORD_DID_ATTENDANCE_HANDOVER_READ = Leu passagens
WORD_DID_ATTENDANCE_HANDOVER_RECORD = Registrou a passagem de uma conta
WORD_DID_ATTENDANCE_OCCUPANCY_READ = Leu quem ocupou contas
WORD_DID_ATTENDANCE_PUNCH_IMPORT = Importou marcações
WORD_DID_ATTENDANCE_PUNCH_READ = Leu marcações
WORD_DID_ATTENDANCE_PUNCH_RECORD = Marcou o ponto
WORD_DID_ATTENDANCE_ROSTER_READ = Leu escalas
WORD_DID_ATTENDANCE_ROSTER_WRITE = Gravou uma escala
WORD_DID_ATTENDANCE_SITE_WRITE = Gravou locais
WORD_DID_COMPENSATION_CORRECTION_APPROVE = Aprovou uma correção de pagamento
WORD_DID_COMPENSATION_CORRECTION_DRAFT = Elaborou uma correção de pagamento
WORD_DID_COMPENSATION_CORRECTION_WITHDRAW = Retirou uma correção de pagamento
WORD_DID_COMPENSATION_POOL_CREATE = Criou uma verba
WORD_DID_COMPENSATION_POOL_READ = Leu verbas
WORD_DID_COMPENSATION_SETTLEMENT_APPROVE = Aprovou uma apuração
WORD_DID_COMPENSATION_SETTLEMENT_DISCARD = Descartou uma apuração
WORD_DID_COMPENSATION_SETTLEMENT_DRAFT = Elaborou uma apuração
WORD_DID_COMPENSATION_SETTLEMENT_POST = Lançou uma apuração
WORD_DID_COMPENSATION_SETTLEMENT_READ = Leu apurações
WORD_DID_COMPENSATION_STATEMENT_READ = Leu demonstrativos
WORD_DID_COMPENSATION_STATEMENT_READ_PAY = Leu pagamentos
WORD_DID_IDENTITY_API_KEY_CREATE = Criou uma chave de API
WORD_DID_IDENTITY_API_KEY_EXCHANGE = Entrou com uma chave de API
WORD_DID_IDENTITY_API_KEY_REVOKE = Revogou uma chave de API
WORD_DID_IDENTITY_BREAK_GLASS_END = Encerrou um acesso de emergência
WORD_DID_IDENTITY_BREAK_GLASS_OPEN = Abriu um acesso de emergência
WORD_DID_IDENTITY_BREAK_GLASS_REFUSE = Teve um acesso de emergência recusado
WORD_DID_IDENTITY_BREAK_GLASS_REVIEW = Revisou um acesso de emergência
WORD_DID_IDENTITY_CATALOGUE_IMPORT = Importou um catálogo
WORD_DID_IDENTITY_DELEGATION_END = Encerrou uma delegação
WORD_DID_IDENTITY_DELEGATION_WRITE = Delegou direitos
WORD_DID_IDENTITY_EMPLOYMENT_END = Encerrou um vínculo
WORD_DID_IDENTITY_ENTITLEMENT_WRITE = Alterou os módulos do grupo
WORD_DID_IDENTITY_ERASURE_APPROVE = Aprovou uma eliminação
WORD_DID_IDENTITY_ERASURE_REJECT = Rejeitou uma eliminação
WORD_DID_IDENTITY_ERASURE_REQUEST = Pediu uma eliminação
WORD_DID_IDENTITY_ERASURE_WITHDRAW = Retirou um pedido de eliminação
WORD_DID_IDENTITY_GRANT_READ = Leu quem pode o quê
WORD_DID_IDENTITY_GRANT_REVOKE = Retirou um papel
WORD_DID_IDENTITY_GRANT_WRITE = Deu um papel
WORD_DID_IDENTITY_HOLD_LIFT = Suspendeu um bloqueio legal
WORD_DID_IDENTITY_HOLD_SET = Impôs um bloqueio legal
WORD_DID_IDENTITY_LOGIN_CREATE = Criou um login
WORD_DID_IDENTITY_ORG_CLOSE = Encerrou uma unidade
WORD_DID_IDENTITY_ORG_IMPORT = Importou unidades
WORD_DID_IDENTITY_ORG_MERGE = Uniu unidades
WORD_DID_IDENTITY_PASSWORD_CHANGE = Alterou a própria senha
WORD_DID_IDENTITY_PASSWORD_RESET = Redefiniu uma senha
WORD_DID_IDENTITY_PERSON_EXPORT = Exportou o que se guarda sobre uma pessoa
WORD_DID_IDENTITY_PERSON_IMPORT = Importou pessoas
WORD_DID_IDENTITY_PERSON_READ = Leu pessoas
WORD_DID_IDENTITY_PERSON_READ_PII = Leu quem são as pessoas
WORD_DID_IDENTITY_PERSON_RECTIFY = Corrigiu quem é uma pessoa
WORD_DID_IDENTITY_RATE_SET = Registrou cotações
WORD_DID_IDENTITY_REPORTING_SET = Definiu quem responde a quem
WORD_DID_IDENTITY_REPORTING_END = Encerrou uma linha de reporte
WORD_DID_IDENTITY_RETENTION_SET = Definiu por quanto tempo os dados são guardados
WORD_DID_IDENTITY_ROLE_DEFINE = Definiu um papel
WORD_DID_IDENTITY_ROLE_RETIRE = Tirou um papel de uso
WORD_DID_IDENTITY_SECOND_FACTOR_BEGIN = Começou um segundo fator
WORD_DID_IDENTITY_SECOND_FACTOR_CONFIRM = Confirmou um segundo fator
WORD_DID_IDENTITY_SECOND_FACTOR_REMOVE = Removeu um segundo fator
WORD_DID_IDENTITY_SERVICE_ACCOUNT_CREATE = Criou uma conta de serviço
WORD_DID_IDENTITY_SESSION_END = Encerrou uma sessão
WORD_DID_IDENTITY_SESSION_END_ALL = Encerrou todas as sessões
WORD_DID_IDENTITY_SESSION_REFRESH = Continuou uma sessão
WORD_DID_IDENTITY_SESSION_SIGN_IN = Fez login
WORD_DID_IDENTITY_SSO_PUT = Passou a confiar em um provedor de login
WORD_DID_IDENTITY_SSO_REMOVE = Removeu um provedor de login
WORD_DID_IDENTITY_TENANT_INIT = Fundou o grupo
WORD_DID_PERFORMANCE_CARD_READ = Leu boletins
WORD_DID_PERFORMANCE_CLAIM_MAKE = Reivindicou conversas
WORD_DID_PERFORMANCE_CLAIM_WITHDRAW = Retirou uma reivindicação
WORD_DID_PERFORMANCE_CREDIT_READ = Leu créditos
WORD_DID_PERFORMANCE_CREDIT_EXPORT = Exportou créditos
WORD_DID_PERFORMANCE_CYCLE_CANCEL = Parou o fechamento de um ciclo
WORD_DID_PERFORMANCE_CYCLE_CLOSE = Começou a fechar um ciclo
WORD_DID_PERFORMANCE_CYCLE_FAIL = Não conseguiu fechar um ciclo
WORD_DID_PERFORMANCE_CYCLE_PROGRESS = Continuou o fechamento de um ciclo
WORD_DID_PERFORMANCE_CYCLE_PUBLISH = Publicou um ciclo
WORD_DID_PERFORMANCE_CYCLE_READ = Leu ciclos
WORD_DID_PERFORMANCE_CYCLE_SCORE = Pontuou um ciclo
WORD_DID_PERFORMANCE_CYCLE_WRITE = Gravou um ciclo
WORD_DID_PERFORMANCE_FINDING_APPLY_FIX = Aplicou a correção de uma ocorrência
WORD_DID_PERFORMANCE_OBSERVATION_IMPORT = Importou observações
WORD_DID_PERFORMANCE_OBSERVATION_READ = Leu observações
WORD_DID_PERFORMANCE_OBSERVATION_WITHDRAW = Retirou uma observação
WORD_DID_PERFORMANCE_RECORD_IMPORT = Importou atendimentos
WORD_DID_PERFORMANCE_RECORD_MOVE = Moveu um atendimento
WORD_DID_PERFORMANCE_RECORD_READ = Leu atendimentos
WORD_DID_PERFORMANCE_RECORD_WITHDRAW = Retirou um atendimento
WORD_DID_PERFORMANCE_REPLY_IMPORT = Importou respostas
WORD_DID_PERFORMANCE_RUN_ATTRIBUTE = Atribuiu atendimentos
WORD_DID_PERFORMANCE_RUN_COLLECT = Reuniu os dados de uma execução de atribuição
WORD_DID_PERFORMANCE_RUN_PROGRESS = Continuou uma execução de atribuição
WORD_DID_PERFORMANCE_CLAIM_IMPORT = Importou reivindicações
WORD_DID_PERFORMANCE_RUN_START = Começou uma execução de atribuição
WORD_DID_PERFORMANCE_SCHEME_EXPORT = Exportou um modelo de avaliação
WORD_DID_PERFORMANCE_SCHEME_IMPORT = Importou um modelo de avaliação
WORD_DID_PERFORMANCE_SCHEME_WITHDRAW = Tirou de uso um modelo de avaliação
WORD_DID_PERFORMANCE_SCHEME_WRITE = Gravou um modelo de avaliação
WORD_DID_PERFORMANCE_TRANSFER_APPROVE = Aprovou uma transferência
WORD_DID_PERFORMANCE_TRANSFER_PREPARE = Preparou uma transferência
WORD_DID_PERFORMANCE_TRANSFER_RELEASE = Liberou uma transferência
WORD_DID_SUITE_AUDIT_SEARCH = Pesquisou o log
WORD_DID_SUITE_PERSON_ERASE = Eliminou os dados de uma pessoa
WORD_DID_SUITE_PERSON_EXPORT = Exportou o que se guarda sobre uma pessoa
WORD_DID_SUITE_RETENTION_RUN = Removeu o que já venceu
WORD_DID_SUITE_TENANT_EXPORT = Exportou tudo do grupo
WORD_DID_TALENT_EVIDENCE_READ = Leu evidências
WORD_DID_TALENT_EVIDENCE_RECORD = Registrou evidências
WORD_DID_TALENT_PROFILE_READ = Leu perfis

## Console: platform


## Console: checks and replays, holds, retention, erasure and schedules

REPLAY_ACCOUNT_FIGURES = os números da conta não correspondem à soma dos créditos dela
REPLAY_ADJUSTMENTS_OTHER = o que é pago ou retido de correções é diferente
REPLAY_AMOUNT_OTHER = outra pontuação ou outro valor
REPLAY_CREDITED =
    { $records ->
        [one] { $records } atendimento creditado
       *[other] { $records } atendimentos creditados
    }
REPLAY_DIGEST_OTHER = o digest do ciclo não é o das entradas e dos resultados dele
REPLAY_FIGURES =
    { $records ->
        [one] { $records } atendimento
       *[other] { $records } atendimentos
    }, dos quais { $unattributed ->
        [one] { $unattributed } não é creditado a ninguém
       *[other] { $unattributed } não são creditados a ninguém
    }; { $credited ->
        [one] { $credited } creditado
       *[other] { $credited } creditados
    } a pessoas do ciclo; { $people ->
        [one] { $people } boletim
       *[other] { $people } boletins
    }
REPLAY_FIGURES_OTHER = os números do ciclo não correspondem aos créditos e boletins dele
REPLAY_LINE_OTHER = os passos que levam ao valor são outros
REPLAY_NOT_DERIVED = está armazenado, e nada leva a isso
REPLAY_NOT_STORED = decorre das entradas, e não está armazenado
REPLAY_REASON_OTHER = as mesmas pessoas e partes, com outro motivo
REPLAY_STATEMENT = { $amount } por uma pontuação de { $score }
    .alone = nada da verba
    .adjusted = { $line }, e { $adjusted } de correções
REPLAY_SUMS =
    { $pool } ao todo: { $paid } para pessoas, { $funds } para fundos; { $adjusted } de correções; { $people ->
        [one] { $people } demonstrativo
       *[other] { $people } demonstrativos
    }
REPLAY_SUMS_OTHER = as somas da apuração não são as dos demonstrativos dela
REPLAY_SUM_OTHER = a soma das partes, métrica por métrica, é diferente
REPLAY_UNREADABLE = não é possível ler o que está armazenado: não é o que foi gravado
NAV_AUDIT_CHAIN = Verificação dos logs
NAV_AUDIT_REPLAY = Recálculo
UI_CHAIN_SAID = Cada serviço mantém um log do que foi feito e visto no seu grupo. Cada registro está ligado ao anterior, o mais novo é assinado, e cada linha indica o registro que a gravou. A verificação lê tudo de novo: o que foi alterado, inserido ou excluído nesse meio é encontrado e indicado.
UI_CHAIN_SERVICE = Qual log
UI_CHAIN_ALL = Todos
UI_CHAIN_CHECK = Verificar
UI_CHAIN_CHECKING = Lendo o log
UI_CHAIN_RESULT = Resultado da verificação
UI_CHAIN_CHECKED =
    { $count ->
        [one] { $count } registro verificado
       *[other] { $count } registros verificados
    }
UI_CHAIN_WHOLE = Íntegro
UI_CHAIN_BROKEN = Rompido
UI_CHAIN_UNKNOWN = Desconhecido
UI_CHAIN_HOLDS =
    { $entries ->
        [one] { $entries } registro
       *[other] { $entries } registros
    } e { $rows ->
        [one] { $rows } linha
       *[other] { $rows } linhas
    } estão como foram gravados.
UI_CHAIN_FAILS =
    Leitura: { $entries ->
        [one] { $entries } registro
       *[other] { $entries } registros
    } e { $rows ->
        [one] { $rows } linha
       *[other] { $rows } linhas
    }. Isto não está como foi gravado, com o primeiro ponto de cada cadeia e tabela:
UI_CHAIN_EMPTY = Nada foi gravado neste log ainda.
UI_CHAIN_FROM = Primeiro registro
UI_CHAIN_TO = Último registro
UI_CHAIN_OUTSIDE = Quem opera o Tally também pode comparar os logs com cabeças assinadas guardadas em outro lugar, com tally audit verify: isso revela um banco de dados mais antigo recolocado por inteiro.
UI_REPLAY_SAID = Um mês fechado decorre daquilo de que foi feito: os fatos e atendimentos daquele momento e as versões da política e do modelo de avaliação. O recálculo o deriva de novo e o compara com o que está armazenado. Nada é alterado por ele.
UI_REPLAY_WHAT = Qual ciclo ou apuração
UI_REPLAY_CYCLES = Ciclos
UI_REPLAY_SETTLEMENTS = Apurações
UI_REPLAY_RUN = Recalcular
UI_REPLAY_NONE = Ainda não há ciclo fechado que você possa ler. Quando um for fechado, ele poderá ser recalculado aqui.
UI_REPLAY_RUNNING = Recalculando
UI_REPLAY_RESULT = Resultado do recálculo
UI_REPLAY_SAME = Idêntico
UI_REPLAY_DIFFERENT = Diferente
UI_REPLAY_CYCLE_SAME =
    Recálculo de { $credits ->
        [one] { $credits } crédito
       *[other] { $credits } créditos
    } e { $cards ->
        [one] { $cards } boletim
       *[other] { $cards } boletins
    }. O que está armazenado é idêntico, até o milionésimo.
UI_REPLAY_CYCLE_DIFFERENT =
    Recálculo de { $credits ->
        [one] { $credits } crédito
       *[other] { $credits } créditos
    } e { $cards ->
        [one] { $cards } boletim
       *[other] { $cards } boletins
    }. Em { $differing ->
        [one] { $differing } ponto
       *[other] { $differing } pontos
    }, o que está armazenado é diferente.
UI_REPLAY_PAY_SAME =
    Recálculo de { $statements ->
        [one] { $statements } demonstrativo
       *[other] { $statements } demonstrativos
    }. O que está armazenado é idêntico, até o centavo.
UI_REPLAY_PAY_DIFFERENT =
    Recálculo de { $statements ->
        [one] { $statements } demonstrativo
       *[other] { $statements } demonstrativos
    }. Em { $differing ->
        [one] { $differing } ponto
       *[other] { $differing } pontos
    }, o que está armazenado é diferente.
UI_REPLAY_DIGESTS = Digests
UI_REPLAY_DIGEST = Entradas e resultados
UI_REPLAY_DIGEST_CREDITS = Créditos
UI_REPLAY_DIGEST_INPUTS = Entradas
UI_REPLAY_THEN = Antes
UI_REPLAY_NOW = Agora
UI_REPLAY_FIRST =
    { $count ->
        [one] Este é o primeiro ({ $count }).
       *[other] Estes são os { $count } primeiros.
    }
UI_REPLAY_RENAMED = O digest é outro, embora o resultado seja o mesmo: algo tem outro nome agora, como alguém cujos dados foram eliminados, ou a base de dados de fusos horários é de outra versão.
UI_REPLAY_WHERE = Onde
UI_REPLAY_STORED = Armazenado
UI_REPLAY_DERIVED = Recalculado
UI_REPLAY_WHY = O que é diferente
UI_REPLAY_OF_CREDIT = Crédito de { $record } em { $account }
UI_REPLAY_OF_ACCOUNT = Conta { $account }
UI_REPLAY_OF_SUM = Somas de { $person }
UI_REPLAY_OF_CARD = Boletim de { $person }
UI_REPLAY_OF_CYCLE = O ciclo
UI_REPLAY_OF_STATEMENT = Demonstrativo de { $person }
UI_REPLAY_OF_SETTLEMENT = A apuração
UI_REPLAY_MASKED = O que está armazenado e o que foi recalculado aparecem para quem pode ler boletins e pagamentos.
UI_REPLAY_BROKE = Não foi possível chegar ao fim.
WORD_DID_COMPENSATION_SETTLEMENT_REPLAY = Recalculou uma apuração
WORD_DID_PERFORMANCE_CYCLE_REPLAY = Recalculou um ciclo
WORD_DID_SUITE_AUDIT_VERIFY = Verificou o log
NAV_SCHEDULES = Fechamento automático
NAV_HOLDS = Bloqueios legais
NAV_RETENTION = Retenção
NAV_ERASURES = Eliminação
UI_HOLD_ON = O que está bloqueado
UI_HOLD_BY = Imposto por
UI_HOLD_STANDS = Em vigor
UI_HOLD_LIFTED = Suspenso { $at }: { $reason }
UI_NO_HOLDS = Não há bloqueios legais.
UI_NEW_HOLD = Impor bloqueio legal
UI_HOLDS_SAID = O que está sob bloqueio legal não é eliminado nem removido quando o prazo vence, em nenhum serviço.
UI_HOLD_ALL_HINT = Deixe vazio para bloquear o grupo inteiro.
UI_LIFT_HOLD = Suspender o bloqueio legal
UI_LIFT_SAID = { $of } está sob bloqueio legal ({ $reason }). Depois de suspenso, o que já venceu pode ser removido definitivamente.
UI_NAME_NOBODY = Como o número de um processo. Não cite ninguém: isto é guardado por mais tempo que os dados da pessoa.
UI_MONTHS_KEPT = Meses guardados
UI_MONTHS_BOUNDS = Limites
UI_MONTHS_WITHIN = { $least } a { $most }; { $usual } se não definido
UI_COUNTED_FROM = Contados desde
UI_WHY_KEPT = Por que é guardado
UI_RETENTION_SAID = Por quanto tempo cada tipo de dado é guardado, em cada serviço. O que já venceu é removido pela limpeza que os operadores mandam executar.
UI_RETENTION_SHORTER = Se você definir menos meses, a próxima limpeza remove definitivamente o que já tiver vencido até lá.
UI_NUMBER_WANTED = Digite um número inteiro.
UI_ERASURE_WAITS = Aguarda aprovação
UI_ERASURE_UNDER_WAY = Em andamento
UI_ERASURE_COMPLETED = Eliminado em todos os serviços
UI_ERASURE_DROPPED = Abandonada
UI_WHY_DROPPED = Por que foi abandonada
UI_NO_ERASURES = Não há pedidos de eliminação.
UI_NEW_ERASURE = Pedir uma eliminação
UI_ERASURES_SAID = Os dados de quem saiu são eliminados quando uma pessoa pede e outra aprova. Os resultados de que depende o pagamento de outros ficam, sem o nome.
UI_APPROVE_ERASURE = Aprovar e eliminar
UI_APPROVE_ERASURE_SAID = Os dados de { $name } serão eliminados em todos os serviços. Não é possível desfazer.
UI_REJECT_ERASURE = Rejeitar
UI_WITHDRAW_ERASURE = Retirar o pedido
UI_WHAT_SERVICES_DID = O que cada serviço fez
UI_ROWS_ERASED = linhas apagadas
UI_NEXT_CLOSING = Próximo fechamento
UI_LAST_RUN_FAILED = A última execução falhou
UI_RUNS_BY_ITSELF = Executa automaticamente
UI_NO_SCHEDULES = Nenhum mês é fechado automaticamente ainda.
UI_SCHEDULES_SAID = Meses que são fechados automaticamente. Nada é publicado automaticamente. Um agendamento é gravado pelas rpcs (CreateSchedule).
UI_CLOSES = Fecha
UI_CLOSES_ON = no dia { $day } do mês seguinte, { $time } ({ $zone })
UI_LOOKS_FIRST = Faz uma prévia
UI_WAITS_MINUTES =
    e fecha { $minutes ->
        [one] { $minutes } minuto
       *[other] { $minutes } minutos
    } depois, a menos que alguém pare
UI_WAS_DUE = Previsto para
UI_GOES_ON = Continua
UI_STOP_RUN = Parar esta execução
UI_BEGIN_MONTH = Iniciar um mês manualmente
UI_BEGIN_SAID = Para um mês que terminou e não foi iniciado, ou cuja execução falhou ou foi parada.
UI_MONTH = Mês
UI_MONTH_HINT = Como 2026-03.
UI_SCHEDULE_RUNS = Execuções
UI_NO_RUN_YET = Nada foi executado ainda.
WORD_SCHEDULE_RUN_STATE_LOOKING = Vê o que falta
WORD_SCHEDULE_RUN_STATE_WAITING = Espera, depois fecha
WORD_SCHEDULE_RUN_STATE_CLOSING = Fechando
WORD_SCHEDULE_RUN_STATE_DONE = Fechado
WORD_SCHEDULE_RUN_STATE_FAILED = Falhou
WORD_SCHEDULE_RUN_STATE_STOPPED = Parado
DONE_HOLD_SET = O bloqueio legal foi imposto.
DONE_HOLD_LIFTED = O bloqueio legal foi suspenso.
DONE_RETENTION_SET = Os meses foram salvos.
DONE_ERASURE_ASKED = Pedido feito. Outra pessoa aprova.
DONE_ERASURE_APPROVED = Aprovada; os serviços eliminam os dados agora.
DONE_ERASURE_REJECTED = Rejeitada.
DONE_ERASURE_WITHDRAWN = Pedido retirado.
DONE_SCHEDULE_RUN_STOPPED = A execução foi parada.
DONE_SCHEDULE_RUN_BEGUN = O mês foi iniciado.
