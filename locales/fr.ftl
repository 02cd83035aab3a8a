### Les phrases de Tally en français. Les identifiants et les arguments sont ceux de en.ftl ; une langue est un fichier.


## Parts

LIST_SEPARATOR = { "\u00A0; " }
REFUSED_BECAUSE = { $kind } ({ $told })
KIND_INVALID_ARGUMENT = la demande est incorrecte : modifiez-la
KIND_NOT_FOUND = il n’y a rien ici que vous puissiez voir
KIND_ALREADY_EXISTS = cela existe déjà
KIND_ABORTED = quelqu’un d’autre a modifié ces données : relisez-les
KIND_FAILED_PRECONDITION = l’état actuel ne le permet pas
KIND_PERMISSION_DENIED = vous n’avez pas le droit de faire cela
KIND_UNAUTHENTICATED = connectez-vous d’abord
KIND_RESOURCE_EXHAUSTED = trop de demandes à la fois : réessayez dans un instant
KIND_UNAVAILABLE = le service est indisponible : réessayez dans un instant
KIND_DEADLINE_EXCEEDED = le traitement a pris trop de temps
KIND_CANCELLED = l’appel a été abandonné
KIND_UNIMPLEMENTED = cette fonction n’est pas proposée à cette adresse

## Kinds of things

RESOURCE_ACCOUNT = compte
RESOURCE_ALIAS = alias
RESOURCE_API_KEY = clé d’API
RESOURCE_CARD_OF_PERSON = fiche de score de la personne
RESOURCE_COMPONENT = composante
RESOURCE_CORRECTION = correction
RESOURCE_CYCLE = cycle
RESOURCE_DEVICE = appareil
RESOURCE_DELEGATION = délégation
RESOURCE_EMERGENCY = accès d’urgence
RESOURCE_EMPLOYMENT = emploi
RESOURCE_ERASURE = demande d’effacement
RESOURCE_FINDING = constat
RESOURCE_GRANT = habilitation
RESOURCE_HANDOVER = passation
RESOURCE_HOLD = gel juridique
RESOURCE_LEAVE = congé
RESOURCE_LOGIN = identifiant de connexion
RESOURCE_ATTRIBUTION_RUN = calcul d’attribution
RESOURCE_ORG_UNIT = unité organisationnelle
RESOURCE_PAGE = page
RESOURCE_PERSON = personne
RESOURCE_POOL = enveloppe
RESOURCE_POSITION = poste
RESOURCE_PRINCIPAL = identité d’accès
RESOURCE_PROFILE_OF_PERSON = profil de la personne
RESOURCE_PROVIDER = fournisseur
RESOURCE_PUNCH = pointage
RESOURCE_RECORD = enregistrement
RESOURCE_MEASURE = mesure
RESOURCE_CLAIM = revendication
RESOURCE_OBSERVATION = observation
RESOURCE_REPORTING_LINE = rattachement
RESOURCE_SCHEDULE = clôture programmée
RESOURCE_ROLE = rôle
RESOURCE_RUN_OF_A_SCHEDULE = exécution d’une clôture programmée
RESOURCE_SCHEME = barème
RESOURCE_SCHEME_VERSION = version de barème
RESOURCE_SERVICE_ACCOUNT = compte de service
RESOURCE_SESSION = session
RESOURCE_SETTLEMENT = règlement
RESOURCE_SHIFT = vacation
RESOURCE_STATEMENT_OF_PERSON = relevé de la personne
RESOURCE_TRANSFER = transfert
RESOURCE_UPLOAD = envoi

## Every service

INTERNAL = une erreur s’est produite de notre côté ; le journal de l’exploitant donne les détails
INTERNAL_DETAILS = détails pour la personne qui examinera le problème : { $details }
NOT_FOUND = introuvable, ou non visible pour vous : { $resource } { $id }
    .unit_on = il n’y a aucune unité organisationnelle { $id } que vous puissiez voir au { $day }, la date qui compte : elle a été fermée avant, commence plus tard ou n’a jamais existé (ListOrgUnits avec as_of montre celles qui existent)
    .goes_on = l’unité organisationnelle { $id } a été fermée avant le { $day }, la date qui compte, et son personnel a rejoint { $into } : indiquez cette dernière
    .id_number = il n’y a aucune personne avec ce numéro d’identité que vous puissiez voir
    .removed = { $missing } ; si c’était avant le { $day }, la fin de la durée de conservation a pu entraîner sa suppression
INVALID_REQUEST =
    { $count ->
        [one] { $count } champ est incorrect ; les détails l’indiquent
       *[other] { $count } champs sont incorrects ; les détails indiquent chacun d’eux
    }
INVALID_FIELD = { $field } : { $problem }
LIST_EMPTY = au moins un élément
NAME_ONE_OF = indiquez un seul des champs suivants : { $fields }
CHANGE_MISSING = indiquez ce qui doit changer
DATE_EXPECTED = une date est attendue : YYYY-MM-DD
    .month = un mois est attendu : YYYY-MM
TEXT_EMPTY = ne doit pas être vide
TEXT_TOO_LONG = { $max } caractères au maximum
ID_MALFORMED = un UUID est attendu
DATE_MALFORMED = { $field } : écrivez YYYY-MM-DD
    .text = « { $text } » n’est pas une date : écrivez YYYY-MM-DD
DATES_BACKWARDS = { $last } est antérieur à { $first }
INSTANT_INVALID = un instant compris entre les années 1 et 9999 est attendu
TEXT_UNUSABLE = { $field } : de 1 à { $max } caractères
ROWS_TOO_MANY = { $max } lignes au maximum par appel, il y en a { $count } : faites plusieurs appels
ROWS_MISSING = il n’y a aucune ligne : envoyez-en au moins une
NOTHING_CHANGES = c’est déjà le cas
    .fix = la correction a déjà été faite, et ce constat lui est antérieur : clôturez de nouveau le cycle (CloseCycle ; CorrectCycle s’il est publié) ou lancez un autre calcul d’attribution, puis examinez ses constats
PAGE_TOKEN_INVALID = le jeton de page n’appartient pas à cette liste : recommencez sans jeton

## Numbers, money, time

DECIMAL_MALFORMED = « { $text } » n’est pas un nombre décimal à six décimales au plus
SHARE_OUT_OF_RANGE = une part va de 0 à 1000000 millionièmes, et non { $ppm }
CURRENCY_UNKNOWN = « { $text } » n’est pas un code ISO 4217 en vigueur : écrivez trois lettres majuscules, par exemple CNY
AMOUNT_MALFORMED = « { $text } » n’est pas un montant : écrivez des chiffres avec un point au plus, par exemple 1234.50, sans séparateur de milliers ni symbole monétaire
AMOUNT_TOO_FINE = « { $text } » est plus précis que { $currency } ne le permet : { $digits } chiffres au maximum après le point
AMOUNT_TOO_LARGE = le montant est trop élevé
CURRENCY_MISMATCH = { $one } et { $other } ne peuvent pas être additionnés : convertissez d’abord l’un des deux
    .pool = l’enveloppe est en { $pool } et les autres montants sont en { $other } : un règlement a une seule devise
RATE_MALFORMED = « { $text } » n’est pas un taux : écrivez des chiffres avec un point au plus, par exemple 7.1234, dont 12 au maximum après le point et 18 en tout
RATE_NOT_POSITIVE = un taux est supérieur à 0 : indiquez ce que vaut une unité de la première devise dans la seconde
RATE_MISSING = aucun taux de { $from } vers { $to } n’est connu au { $day } : saisissez avec SetRates un taux valable à partir de cette date ou d’une date antérieure, puis recommencez
SPLIT_WITHOUT_PEOPLE = il n’y a personne entre qui répartir
SPLIT_WITHOUT_WEIGHT = tous les poids sont nuls, il n’y a donc aucune règle de répartition
SPLIT_DUPLICATE_ID = un ID figure deux fois
SPLIT_WEIGHTS_TOO_LARGE = les poids sont trop grands pour un calcul exact : divisez-les tous par un facteur commun
ZONE_UNKNOWN = « { $zone } » n’est pas un fuseau horaire IANA : écrivez un nom tel que Asia/Shanghai
TIME_MALFORMED = « { $text } » n’est pas une heure : écrivez 2026-03-02T08:00:00+08:00, ou 2026-03-02 08:00:00 pour l’heure locale
TIME_IN_GAP = { $local } n’existe pas dans { $zone } : les horloges ont été avancées à ce moment-là
TIME_OUT_OF_RANGE = la date est hors des limites admises
PERIOD_BACKWARDS = la période se termine le { $to }, avant de commencer le { $from }

## Sign-in

TOKEN_MISSING = connectez-vous d’abord : aucun jeton Bearer n’a été envoyé
UNAUTHENTICATED = connectez-vous d’abord
TOKEN_INVALID = le jeton n’est pas valable ici : reconnectez-vous
TOKEN_EXPIRED = le jeton a expiré : reconnectez-vous
KEY_NOT_KNOWN_YET = la clé de ce jeton n’est pas encore connue ici : réessayez dans un instant
CLOCKS_DIFFER = les horloges de la suite ne concordent pas : réessayez dans un instant
TOKEN_OF_ANOTHER_REGION = ce jeton vient de l’instance d’une autre région : connectez-vous ici
SESSION_ENDED = cette session est terminée : reconnectez-vous
SIGN_IN_REFUSED = le nom, le mot de passe ou le code est incorrect ; après cinq erreurs, attendez jusqu’à 15 minutes
SECOND_FACTOR_NEEDED = envoyez le code affiché par votre application d’authentification, ou un code de récupération
SECOND_FACTOR_WRONG = le code est incorrect ou a déjà été utilisé : attendez le suivant et vérifiez que l’horloge est à l’heure
PASSWORD_MUST_CHANGE = ce mot de passe ne servait qu’à une connexion : envoyez aussi le nouveau, dans new_password
PASSWORD_WEAK = trop facile à deviner : prenez quatre mots sans rapport entre eux
    .why = trop facile à deviner ({ $why }) : prenez quatre mots sans rapport entre eux
WEAK_BY_KEYBOARD = les touches voisines sont devinées en premier
WEAK_BY_REPEATS = une répétition ne le rend guère plus difficile
WEAK_BY_FAME = c’est l’un des mots de passe les plus courants, ou il y ressemble
WEAK_BY_SEQUENCE = les suites comme abc ou 6543 sont devinées en premier
WEAK_BY_DATE = les années et les dates sont devinées en premier
WEAK_BY_WORD = un mot ou un nom seul est deviné en premier
PASSWORD_UNUSABLE = de 12 à 256 caractères
LOGIN_MALFORMED = de 2 à 100 lettres, chiffres et . _ - @ +
LOGIN_TAKEN = cet identifiant de connexion est déjà pris
PERSON_HAS_LOGIN = cette personne a déjà un identifiant de connexion : une personne n’en a qu’un
REFRESH_REFUSED = cette session n’existe pas ou est terminée : reconnectez-vous
REFRESH_REUSED = ce jeton d’actualisation a déjà été utilisé, sa session a donc été fermée par sécurité : reconnectez-vous
NO_PASSWORD = cette identité d’accès se connecte sans mot de passe
RESET_ONESELF = on change son propre mot de passe avec l’ancien : ChangePassword
LOGIN_HOLDS_MORE = cet identifiant détient { $permission }, que vous ne pourriez pas lui donner : adressez-vous à quelqu’un qui le peut
SECOND_FACTOR_ALREADY_EXISTS = il y a déjà un second facteur : supprimez-le d’abord
SECOND_FACTOR_MISSING = il n’y a pas de second facteur : commencez par EnrollTotp
API_KEY_REFUSED = cette clé n’existe pas ou n’est plus valable : créez-en une nouvelle
TOO_MANY_KEYS = un compte a au maximum { $max } clés valides : révoquez-en une d’abord
KEY_LIFE_UNUSABLE = expires_at : un instant à venir, dans { $days } jours au plus
PROVIDER_UNKNOWN = aucun fournisseur d’authentification unique ne porte ce nom
PROVIDER_MALFORMED = de 2 à 50 caractères parmi a-z, 0-9 et -
PROVIDER_NAME_TAKEN = un autre groupe a un fournisseur de ce nom : choisissez-en un autre
ADDRESS_MALFORMED = une adresse qui commence par https:// (ou http:// en boucle locale), sans # ni nom d’utilisateur
SSO_PROVIDER_AWAY = le fournisseur d’identité est injoignable ou ne donne pas de réponse exploitable : réessayez dans un instant
SSO_STATE_REFUSED = cette connexion a expiré ou a été commencée ailleurs : recommencez
SSO_REFUSED = la réponse du fournisseur d’identité n’a pas été acceptée : recommencez
SSO_LOGIN_UNKNOWN = le fournisseur d’identité vous connaît, mais aucun identifiant de connexion n’est le vôtre ici : demandez-en un à un administrateur
EMPLOYMENT_ENDED = vous n’avez pas d’emploi en cours aujourd’hui : adressez-vous aux personnes qui gèrent le personnel du groupe
MODULE_NOT_ENTITLED = le groupe ne dispose pas du module { $module } : adressez-vous à l’exploitant de la suite
TENANT_SUSPENDED = le groupe est suspendu : l’exploitant de la suite peut le réactiver
REGION_NOT_SERVED = les données de la région { $region } se trouvent dans l’instance de cette région : envoyez cet appel là-bas (celle-ci sert { $served })
    .file = le fichier est destiné à la région { $region } : importez-le là-bas
FIELD_NOT_READABLE = { $field } : pour rechercher quelqu’un par ce champ, il faut { $permission }, qu’aucune de vos habilitations ne vous donne
PERMISSION_DENIED = vous n’avez pas le droit de faire cela : demandez une habilitation
    .at_all = aucune de vos habilitations ne vous donne { $permission }
    .here = vos habilitations vous donnent { $permission }, mais pas ici
    .group = vos habilitations vous donnent { $permission } pour certaines unités, et ce qui n’indique aucune unité concerne le groupe entier : indiquez l’une de vos unités si l’appel en accepte une, sinon demandez une habilitation sur le groupe
    .signed_in = cette fonction est réservée aux personnes connectées
    .other_group = un service ne demande des vues que du groupe dans lequel il travaille
FOUR_EYES_REQUIRED = cette étape revient à quelqu’un d’autre : quiconque a participé à une étape précédente, y compris en déléguant ce droit ou en le recevant par délégation, ne peut pas l’effectuer

## The group, its units and its people

INITIALISED_ALREADY = cette base de données contient déjà un groupe : connectez-vous, partez d’une base vide ou présentez une invitation
    .invited = cette invitation a déjà été utilisée et son groupe existe : connectez-vous à ce groupe, ou demandez une autre invitation à l’exploitant
INVITATION_INVALID = l’invitation ne vient pas de cette instance, ou elle est incomplète : demandez-en une autre à l’exploitant
INVITATION_EXPIRED = l’invitation a expiré : demandez-en une autre à l’exploitant
INVITED_ANOTHER = l’invitation est destinée à un groupe ayant un autre ID
REGION_ALREADY_EXISTS = le groupe a déjà la région { $region }
REGION_MALFORMED = une région s’écrit avec 1 à 32 caractères parmi a-z, 0-9 et -, par exemple cn-north
REGION_UNUSABLE = de 1 à 32 caractères parmi a-z, 0-9 et -, chacune une seule fois
REGION_IS_GLOBAL = une région, pas le groupe entier
REGION_MISSING = le groupe a plusieurs régions : indiquez celle de la succursale
    .from = cette instance sert plusieurs régions du groupe : indiquez dans from_region celle que le fichier quitte
    .switch = cette instance sert plusieurs régions du groupe : indiquez celle que le fichier quitte avec --from REGION
REGION_UNKNOWN = le groupe n’a pas de région « { $region } »
REGION_DIFFERS = la succursale est dans { $region }, et les données ne passent pas d’une région à l’autre
REGION_CROSSED = les unités sont dans des régions différentes, et les données ne passent pas d’une région à l’autre
    .person = l’unité est dans une autre région, et les données ne passent pas d’une région à l’autre : mettez fin à l’emploi ici et embauchez la personne là-bas sous un matricule de cette région
    .manager = le responsable appartient à une autre région, dont le personnel n’a pas le droit de lire les données de celle-ci
SUSPENDED_ALREADY = le groupe est déjà suspendu
SUSPENDED_TOO_SHORT = un groupe est supprimé 30 jours après sa suspension, pas avant le { $from }
NOT_SUSPENDED = le groupe est en service
NAME_DIFFERS = saisissez le nom du groupe lettre pour lettre, afin de confirmer qu’il s’agit du bon
TENANT_DELETED = le groupe a été supprimé
MODULE_UNKNOWN = « { $name } » n’est pas un module : il existe { $known }
PSEUDONYM_ALREADY_EXISTS = la personne a déjà un autre pseudonyme, qui reste inchangé
PSEUDONYM_TAKEN = quelqu’un d’autre ici porte ce pseudonyme : vérifiez à qui il appartient
DIRECTORY_OLDER = un annuaire plus récent de cette région a déjà été importé
UNIT_PATH_MALFORMED = de 1 à 16 noms séparés par /, de 1 à 200 caractères chacun
UNIT_NAME_MALFORMED = de 1 à 200 caractères, sans /
UNIT_UNKNOWN = il n’y a pas d’unité « { $path } » : importez-la d’abord
    .was = aucune unité ne s’appelle « { $path } » au { $day }, car elle a été renommée, déplacée ou fermée : écrivez le chemin qu’elle a à cette date
UNIT_DIFFERS =
    l’unité existe déjà en tant que { $kind ->
        [legal_entity] entité juridique
        [branch] succursale
        [department] département
        [team] équipe
       *[group] groupe
    }
UNIT_KIND_IS_ROOTS = seule la racine est le groupe
UNIT_KIND_UNKNOWN = ce type d’unité n’existe pas : succursale, entité juridique, département ou équipe, ou rien pour le type habituel
UNIT_BEGINS_LATER = l’unité ou l’une de celles qui la dominent commence le { $day } : indiquez cette date ou une date ultérieure
    .hired_on = « { $path } » commence le { $day }, après hired_on
UNIT_CLOSES = l’unité { $unit } ferme le { $day } : choisissez une autre unité ou d’autres dates
    .into = l’unité { $unit } ferme le { $day } et son personnel rejoint { $into } : choisissez cette dernière, ou d’autres dates
UNIT_HAD_NAME = une unité s’y appelait « { $name } » jusqu’au { $day } et a maintenant un autre nom ou un autre emplacement : écrivez le chemin qu’elle a (ListOrgUnits) ou, pour une nouvelle unité portant l’ancien nom, son type (kind)
ROOT_STAYS = la racine est le groupe : elle reste telle quelle
ORG_CYCLE = la nouvelle unité supérieure se trouve sous cette unité, maintenant ou par suite d’un déplacement prévu
ORG_TOO_DEEP = l’arborescence dépasserait { $max } niveaux, maintenant ou par suite d’un déplacement prévu
UNIT_NAME_TAKEN = l’unité supérieure a déjà une unité « { $name } » à ces dates
UNIT_CHANGE_PLANNED = l’unité a une modification au { $day } : indiquez cette date ou une date ultérieure
UNIT_CHANGE_BACKDATED = { $from } est antérieur au mois en cours : ceux dont l’unité relevait ne verraient plus ses journées à partir de cette date, mois clôturés et payés compris, et ceux dont elle relèvera les verraient. Indiquez { $first } ou une date ultérieure, ou précisez backdated si la situation était réellement celle-là depuis lors
UNIT_HAS_CHILDREN = « { $name } » y est encore rattachée à cette date : déplacez-la ou fermez-la d’abord, ou fusionnez l’unité
UNIT_HAS_PEOPLE =
    { $count ->
        [one] { $count } emploi se trouve alors dans l’unité : indiquez dans move_people_to où il va
       *[other] { $count } emplois se trouvent alors dans l’unité : indiquez dans move_people_to où ils vont
    }
MERGED_INTO_ITSELF = indiquez une ou plusieurs unités à fusionner, chacune une seule fois, et une autre qui reste
PEOPLE_TO_NOWHERE = l’unité qui accueille le personnel doit être une succursale ou une unité inférieure, et ne pas fermer ce jour-là
UNIT_HAS_NO_REGION = les personnes appartiennent à une succursale ou à une unité inférieure, pas au groupe lui-même
PERSON_DIFFERS = ce matricule existe déjà avec une autre valeur de { $field }
EARLIER_ROW_REFUSED = une ligne précédente de ce matricule a été refusée, et celle-ci en est la suite : corrigez la première et renvoyez les deux
PERSON_OUT_OF_REACH = l’unité dépasse votre périmètre d’écriture, aujourd’hui ou à une date depuis le premier jour : retirez la ligne, ou faites-la envoyer par quelqu’un qui en a le droit pour toutes ces dates
EMPLOYMENT_OVERLAPS = l’emploi de la personne commençant le { $day } couvre une partie de ces dates : mettez-y fin d’abord
NOT_EMPLOYED = la personne n’a pas d’emploi au { $day }
MANAGER_NOT_EMPLOYED = le responsable n’a pas d’emploi au { $day } : choisissez-en un autre
ENDS_ALREADY = l’emploi prend déjà fin le { $day }
    .line = le rattachement prend déjà fin le { $day }
EMPLOYMENT_KIND_UNKNOWN = « { $text } » n’est pas un type d’emploi : utilisez full_time, part_time, fixed_term, intern, agency, outsourced ou freelance
NOT_IN_CATALOGUE = { $field } : le catalogue du groupe ne contient pas « { $code } » au { $day } : importez-le d’abord, ou choisissez autre chose
EMPLOYMENT_CHANGE_PLANNED = l’emploi a une modification au { $day } : indiquez cette date ou une date ultérieure, ou annulez la modification
NOTHING_PLANNED = l’emploi n’a au { $day } aucune modification qui puisse encore être annulée
HOME_ENDS = il s’agit de l’emploi principal : EndEmployment y met fin, avec tous ceux qui l’accompagnent
START_TOO_LATE = il existe au { $day }, avant ce premier jour, un élément de cet emploi ou d’un emploi parallèle : corrigez-le d’abord
OUTLASTS_HOME = l’emploi principal prend fin le { $day } : les emplois secondaires et les congés prennent fin au plus tard avec lui
LEAVE_OVERLAPS = le congé de la personne commençant le { $day } couvre une partie de ces dates : mettez-y fin d’abord
POST_KIND_MISSING = cumul (concurrent) ou détachement (secondment) : un emploi principal naît d’une embauche, d’une mutation ou d’une réembauche
EMPLOYEE_NO_TAKEN = quelqu’un d’autre a ce matricule
ID_NUMBER_TAKEN = quelqu’un d’autre dans cette région a ce numéro
ID_NUMBER_INVALID = un numéro d’identité a de 1 à 64 caractères, sans caractère de contrôle
ID_NUMBER_CHECKSUM = le dernier caractère de ce numéro d’identité de résident ne correspond pas aux autres : vérifiez sur la carte
LINE_KIND_MISSING = hiérarchique (solid) ou fonctionnel (dotted)
REPORTING_CYCLE = au { $day }, le responsable dépend de cette personne, directement ou indirectement
LINE_CHANGE_PLANNED = un autre rattachement hiérarchique commence le { $day } : mettez-y fin, ou indiquez un dernier jour antérieur
LINE_THERE_ALREADY = le rattachement { $id } l’indique déjà pour une partie de ces dates
RATE_OF_ITSELF = une devise vaut toujours elle-même : indiquez-en une autre
SUPERSEDED_AND_KNOWN_AT = demandez soit ce qui était connu à un instant donné, soit tout ce qui a été saisi
KIND_MISSING = indiquez s’il s’agit d’un poste ou d’un grade
RANK_UNUSABLE = un grade a un rang à partir de 1, un poste n’en a pas
ENTRY_CHANGE_PLANNED = le code a une entrée à partir du { $day } : terminez avant cette date, ou commencez à cette date

## Access

HOURS_MALFORMED = une plage horaire se compose de deux heures différentes, par exemple 08:00-20:00
SCOPE_MALFORMED = self, reports et tenant n’indiquent rien ; unit, subtree et legal_entity indiquent une unité ; region indique une région
REACH_MISSING = indiquez l’étendue
PERMISSION_UNKNOWN = « { $text } » n’est pas une permission de cette version
ROLE_UNKNOWN = aucun rôle ne s’appelle « { $role } »
    .own = le groupe n’a pas de rôle propre appelé « { $role } »
SCOPE_NOT_FOR_ROLE = { $role } ne peut pas être donné sur le périmètre { $scope }
NOT_A_LEGAL_ENTITY = { $unit } n’est pas une entité juridique
NO_PERSON = cet identifiant de connexion n’appartient à personne : indiquez une unité ou une région
    .punching = seules des personnes pointent et se passent les comptes : connectez-vous avec l’identifiant d’une personne
    .claiming = seules des personnes revendiquent des conversations : connectez-vous avec l’identifiant d’une personne
DUTIES_SEPARATED = personne ne détient à la fois { $a } et { $b } : donnez-la à quelqu’un d’autre
    .role = aucun rôle ne donne à la fois { $a } et { $b } : faites-en deux
    .holder = { $principal } a ce rôle et détiendrait à la fois { $a } et { $b } : retirez d’abord l’une des habilitations
    .delegated = personne ne détient à la fois { $a } et { $b }, pas même un jour : déléguez-la à quelqu’un d’autre
GRANTED_ALREADY = l’habilitation { $id } le donne déjà à ces dates
GRANT_NOT_HELD = aucune de vos propres habilitations ne vous donne { $permission } ici, vous ne pouvez donc pas la transmettre
GRANT_TO_ONESELF = personne ne se donne ce qu’il ne détient pas : adressez-vous à un autre administrateur
    .role = vous avez ce rôle et ne détenez pas { $permission } : adressez-vous à un autre administrateur
REVOKED_ALREADY = l’habilitation est déjà retirée
PRINCIPAL_OR_LOGIN = indiquez soit l’identité d’accès, soit l’identifiant de connexion
LAST_ADMINISTRATOR = plus personne ne pourrait alors donner de rôles : donnez d’abord group_admin à quelqu’un d’autre
ROLE_NAME_MALFORMED = de 2 à 64 caractères parmi a-z, 0-9 et _
ROLE_NAME_RESERVED = un rôle prédéfini ou un service porte ce nom : choisissez-en un autre
ROLE_EMPTY = indiquez au moins une permission et un périmètre
ROLE_FOR_SERVICES = { $permission } est réservé aux services de la suite
ROLE_IN_USE =
    { $count ->
        [one] { $count } habilitation donne ce rôle : retirez-la d’abord
       *[other] { $count } habilitations donnent ce rôle : retirez-les d’abord
    }
DELEGATION_EMPTY = indiquez au moins une permission
DELEGATION_TIME = la fin doit être postérieure au début, et dans l’avenir
DELEGATION_TOO_LONG = 90 jours au maximum : au-delà, faites donner un rôle
DELEGATION_TO_ONESELF = indiquez quelqu’un d’autre
DELEGATION_ENDED = la délégation est déjà terminée
PERMISSION_NOT_DELEGABLE = { $permission } ne se délègue jamais
BREAK_GLASS_EMPTY = indiquez les permissions à ouvrir
PERMISSION_NOT_OPENED = aucun accès d’urgence n’ouvre { $permission } : les droits sur les droits et les fonctions séparées restent où ils sont
BREAK_GLASS_SCOPE = indiquez une unité, une région ou le groupe, pas self ni reports
BREAK_GLASS_REASON = expliquez ce qui s’est passé en 20 caractères au moins
BREAK_GLASS_TIME = de 1 à 60 minutes
BREAK_GLASS_OPEN = votre accès d’urgence { $id } est ouvert : mettez-y fin d’abord
    .unreviewed = l’accès d’urgence est encore ouvert : mettez-y fin, puis examinez-le
BREAK_GLASS_ENDED = l’accès d’urgence est déjà terminé
BREAK_GLASS_NO_STREAMS = un accès d’urgence n’ouvre pas de flux : demandez les lignes page par page
REVIEWED_ALREADY = l’examen a déjà été fait
ALLOWED_BY_ROLE = le rôle { $role } donne { $permission } ici
ALLOWED_BY_DELEGATION = { $permission } est délégué ou ouvert en urgence : voyez par qui
REFUSED_HERE = le rôle { $role } donne { $permission }, mais pas ici
REFUSED_BY_CONDITION = le rôle { $role } ne donne { $permission } ici qu’avec un second facteur ou à d’autres heures
REFUSED_TODAY = le rôle { $role } donne { $permission } ici, mais pas aujourd’hui
REFUSED_WITHOUT_MODULE = le groupe ne dispose pas du module de { $permission }
REFUSED_WITHOUT_GRANT = aucune habilitation ne donne { $permission } ; ces rôles la donnent : { $roles }

## Privacy

SUBJECT_IN_PART = un objet se désigne par un type et un ID
LEGAL_HOLD = un gel juridique est en vigueur : il faut d’abord le lever, voir ListHolds
HOLD_LIFTED = le gel juridique a déjà été levé
RETENTION_KIND_UNKNOWN = « { $kind } » n’est pas un type de données : ListRetention les donne tous
RETENTION_OUT_OF_BOUNDS = ce type de données se conserve de { $min } à { $max } mois
RETENTION_RUNS = ce que la loi impose de conserver sur cette personne est conservé jusqu’au { $day } : refaites la demande après cette date
PERSON_ERASED = les données de cette personne ont été effacées : plus rien ne peut être écrit à son sujet ; quelqu’un qui revient est une nouvelle personne
STILL_EMPLOYED = seules les données d’une personne qui est partie peuvent être effacées : mettez d’abord fin à l’emploi
ERASURE_ALREADY_EXISTS = la demande d’effacement { $id } existe déjà pour cette personne
OWN_ERASURE = personne n’approuve l’effacement de ses propres données : quelqu’un d’autre doit le faire
ERASED_ALREADY = l’effacement a déjà été approuvé
ERASURE_DROPPED = la demande a été retirée ou rejetée : refaites une demande d’effacement
ERASURE_NOT_APPROVED = personne ne l’a encore approuvé
NOT_A_SERVICE = seul un service qui détient des données personnelles rend compte d’un effacement

## How long data are kept, counted from when and why

KEPT_FROM_ALIASES = le dernier jour de l’alias ou de l’appareil
KEPT_BECAUSE_ALIASES = il faut pouvoir prouver à qui les enregistrements sont attribués tant que la paie peut être contestée
KEPT_FROM_DUTY = l’heure du pointage ou de la passation, la fin de la vacation
KEPT_BECAUSE_DUTY = documents de salaire et ce sur quoi ils reposent : deux ans (Dispositions provisoires chinoises sur le paiement des salaires)
KEPT_FROM_PAY = le jour où le relevé a été établi
KEPT_BECAUSE_PAY = pièces relatives à la retenue de l’impôt sur le revenu : cinq ans ; documents de salaire : deux ans
KEPT_FROM_PERSON = la fin du dernier emploi
KEPT_BECAUSE_PERSON = contrats de travail terminés : deux ans (loi chinoise sur le contrat de travail)
KEPT_FROM_SESSIONS = le jour où la session a pris fin au plus tard
KEPT_BECAUSE_SESSIONS = journaux d’utilisation du réseau : six mois (loi chinoise sur la cybersécurité)
KEPT_FROM_RECORDS = le début de l’enregistrement
KEPT_BECAUSE_RECORDS = les enregistrements sur lesquels repose la paie, tant qu’elle peut être contestée
KEPT_FROM_RESULTS = le jour où le résultat a été établi ; pour une part attribuée, le début de son enregistrement
KEPT_BECAUSE_RESULTS = les scores sur lesquels repose la paie : aussi longtemps que les pièces relatives à la retenue de l’impôt sur le revenu
KEPT_FROM_REQUESTS = la demande
KEPT_BECAUSE_REQUESTS = une demande renvoyée reçoit sa première réponse ; rien n’exige davantage
KEPT_FROM_EVIDENCE = le jour où la preuve a été établie
KEPT_BECAUSE_EVIDENCE = ce qu’un profil résume ; aucune loi ne l’exige

## The suite

OVERLOADED = trop d’appels à la fois : réessayez dans un instant
RATE_LIMITED = trop d’appels : réessayez dans un instant
DEADLINE_EXCEEDED = l’appel a pris plus de temps que l’appelant ne le permettait
STALE = quelqu’un a modifié ces données depuis que vous les avez lues : relisez-les, puis refaites votre modification
STORE_BUSY = quelqu’un d’autre a modifié ces données au même moment ; réessayez
STORE_UNAVAILABLE = la base de données est injoignable pour le moment ; réessayez un peu plus tard
STORE_DAMAGED = la base de données d’un service est endommagée, et recommencer n’y change rien : son exploitant arrête le service, examine l’étendue des dégâts (SQLite : PRAGMA integrity_check ; PostgreSQL : pg_amcheck) et restaure la base à partir d’une sauvegarde
    .server = les données de { $service } dans la base { $database } sur { $at } sont endommagées : arrêtez le service, examinez l’étendue des dégâts (pg_amcheck) et restaurez la base à partir de votre sauvegarde ; rien n’y a été modifié
STORE_READ_ONLY = la base de données d’un service est pour l’instant en lecture seule, et rien n’a été modifié : son exploitant lui rend le droit d’écriture (SQLite : le fichier et son dossier ; PostgreSQL : le serveur qui accepte les écritures, pas son serveur de secours) ; refaites ensuite la même chose
    .server = le PostgreSQL de { $service } sur { $at } n’accepte pas d’écritures : c’est un serveur de secours, ou default_transaction_read_only est activé. Indiquez dans { $setting } le serveur qui accepte les écritures
PEER_UNAVAILABLE = un service nécessaire à cet appel est indisponible : réessayez dans un instant
PEER_REFUSES_SERVICE = un service nécessaire à cet appel ne connaît pas encore celui-ci : réessayez dans un instant
PEER_ADDRESS_INVALID = { $address } n’est pas une adresse de service : écrivez http://host:port ou https://host:port
PEER_CERTIFICATE_UNKNOWN = le certificat du serveur est signé par une autorité qui n’est pas reconnue ici : indiquez le fichier de cette autorité (--ca, ou client.authority dans les paramètres), ou vérifiez qu’il s’agit du bon serveur
PEER_CERTIFICATE_FOR_ANOTHER = le certificat du serveur est établi pour un autre nom : appelez le serveur par un nom qui figure dans son certificat
PEER_CERTIFICATE_OUT_OF_DATE = le certificat du serveur n’est pas valable actuellement : son exploitant le renouvelle, sauf si l’horloge de cette machine est fausse
PEER_WANTS_CERTIFICATE = le serveur exige un certificat de ses appelants : indiquez le vôtre (--client-cert et --client-key, ou client.certificate et client.key dans les paramètres)
PEER_REFUSES_CERTIFICATE = le serveur n’accepte pas le certificat présenté : demandez à son exploitant quelle autorité signe ceux des appelants
    .expired = le certificat présenté au serveur a expiré : procurez-vous-en un nouveau auprès de son signataire et indiquez-le (--client-cert et --client-key, ou client.certificate et client.key dans les paramètres)
    .revoked = le certificat présenté au serveur a été révoqué : procurez-vous-en un nouveau auprès de son signataire et indiquez-le (--client-cert et --client-key, ou client.certificate et client.key dans les paramètres)
PEER_SPEAKS_PLAINTEXT = l’adresse commence par https://, et le serveur n’y utilise pas TLS : écrivez http://, ou demandez le bon port à son exploitant
PEER_SPEAKS_TLS = l’adresse commence par http://, et le serveur y utilise TLS : écrivez https://
PEER_TLS_FAILED = la connexion chiffrée n’a pas pu être établie : { $why }
CERTIFICATE_KEY_MISMATCH = le certificat et la clé privée ne vont pas ensemble : indiquez la clé pour laquelle ce certificat a été établi (--client-key ou client.key pour un appelant, server.tls_key pour un serveur)
PEER_CERTIFICATES_UNUSABLE = les certificats pour ce serveur sont inutilisables : { $why }. Indiquez le fichier de l’autorité qui a signé le certificat du serveur (--ca, ou client.authority)
PEER_FAILED = un service nécessaire à cet appel l’a refusé
DEADLINE_MALFORMED = grpc-timeout se compose de 8 chiffres au plus et de l’une des unités H M S m u n
REQUEST_CUT_OFF = la demande s’est interrompue avant la fin
REQUEST_TOO_LARGE = la demande dépasse { $max } octets : envoyez moins de lignes à la fois
ANSWER_TOO_LARGE = la réponse dépasse { $max } octets : demandez moins de lignes à la fois (page_size), ou une sélection plus étroite
TEXT_WITH_NUL = retirez le caractère NUL (U+0000) : aucun texte ne peut le contenir
METHOD_UNKNOWN = cette méthode n’existe pas ici : vérifiez le nom, et que l’appelant et le serveur sont de la même version
SERVICE_ELSEWHERE = le processus à cette adresse n’exécute pas le service { $service } : adressez-vous à celui qui l’exécute ; un service et une commande de tally le trouvent par peers.{ $service } dans les paramètres
PATH_UNKNOWN = rien ici n’a le chemin { $path } : les chemins sont dans /openapi.json
HTTP_METHOD_WRONG = { $method } n’est pas proposé pour ce chemin ; autorisé : { $allowed }
BODY_TOO_LARGE = le corps dépasse { $limit } octets : envoyez moins de lignes à la fois
BODY_BROKE_OFF = le corps de la demande s’est interrompu avant la fin
BODY_TOO_SLOW = le corps de la demande a mis trop de temps à arriver : envoyez-le plus vite, ou en parties plus petites
BODY_NOT_READ = cet appel ne lit aucun corps : ce qu’il accepte figure dans le chemin et après « ? »
BODY_NO_OBJECT = le corps doit être un objet JSON
FIELD_SAID_TWICE = est indiqué deux fois, avec des valeurs différentes : retirez-le du corps ou des paramètres de l’URL
QUERY_UNKNOWN = n’est pas un paramètre de cet appel : les paramètres sont dans /openapi.json ; ce qui est personnel va dans un corps
ANSWER_HAS_NO_FIELD = la réponse n’a pas de champ { $field }
REQUEST_ID_INVALID = un request_id a { $max } caractères au maximum ; le mieux est un UUID
REQUEST_ID_REUSED = ce request_id appartient à une demande antérieure au contenu différent : prenez-en un nouveau
LEASE_LOST = un autre processus de traitement a repris ce travail ; rien de cette tentative n’a été conservé

## For whoever operates the suite

PORT_TAKEN = impossible d’écouter sur { $address } : { $cause } ; choisissez une autre adresse avec --listen ou TALLY_SERVER_LISTEN
HTTP_PORT_TAKEN = la passerelle ne peut pas écouter sur { $address } : { $cause } ; choisissez une autre adresse avec --http ou TALLY_SERVER_HTTP, ou retirez gateway de --services
DATABASE_URL_INVALID = l’URL de la base de données doit commencer par sqlite:// ou postgres://
    .server = { $setting } est illisible : postgres://ROLE:PASSWORD@HOST:PORT/DATABASE est attendu, où les signes / ? # @ % d’un mot de passe s’écrivent %2F %3F %23 %40 %25
    .file = { $setting } est illisible : sqlite://FOLDER/{ "{" }service{ "}" }.db est attendu, ou sqlite:///FOLDER/{ "{" }service{ "}" }.db pour un dossier qui commence par / ou dont le nom ne se compose pas seulement de lettres et de chiffres
STORE_AWAY = le PostgreSQL de { $service } est injoignable sur { $at } : { $why }. Vérifiez qu’il y fonctionne, ou corrigez l’hôte et le port dans { $setting }
STORE_SIGN_IN_REFUSED = le PostgreSQL sur { $at } refuse la connexion de { $user } : ce rôle n’existe pas, ou il a un autre mot de passe. Mettez le bon mot de passe dans { $setting }, ou lancez `tally migrate` avec l’URL du propriétaire, ce qui crée le rôle et lui donne ce mot de passe
    .owner = le PostgreSQL sur { $at } refuse la connexion de { $user } : ce rôle n’existe pas, ou il a un autre mot de passe. Corrigez le rôle et le mot de passe dans { $setting }
    .rule = le PostgreSQL sur { $at } ne laisse pas { $user } accéder à { $database } depuis cette machine de cette façon : aucune règle de son pg_hba.conf ne l’autorise. S’il exige TLS, écrivez sslmode=require dans { $setting } ; sinon, son exploitant ajoute une règle
STORE_DATABASE_MISSING = il n’y a pas de base de données { $database } sur { $at } : corrigez son nom dans { $setting }, ou faites-la créer par le propriétaire du serveur (CREATE DATABASE { $database })
STORE_PARAMETER_REFUSED = le PostgreSQL sur { $at } n’accepte pas les paramètres de la connexion ; il répond : { $says }. Corrigez ce qui suit « ? » dans { $setting } ; s’il s’agit de PgBouncer, son exploitant peut le laisser passer (ignore_startup_parameters dans pgbouncer.ini)
STORE_TLS_FAILED = aucune connexion chiffrée n’a pu être établie avec le PostgreSQL sur { $at } ({ $why }) : corrigez sslmode et sslrootcert dans { $setting }, ou faites réparer son certificat par l’exploitant du serveur
    .none = { $setting } demande TLS (sslmode), et le PostgreSQL sur { $at } ne l’utilise pas : faites-le activer par son exploitant (ssl = on), ou retirez sslmode si personne d’autre n’est sur le réseau
STORE_RIGHT_MISSING = { $user } n’a pas tous les droits dont { $service } a besoin dans la base { $database } sur { $at } : lancez `tally migrate` avec l’URL du propriétaire, ce qui les lui donne
    .owner = { $user } n’a pas le droit de créer des schémas, des rôles et des tables dans la base { $database } sur { $at } : indiquez dans { $setting } un rôle qui possède la base et peut créer des rôles (CREATEROLE), ou un superutilisateur
DATABASE_ROLE_OF_ANOTHER = { $service } se connecte en tant que { $user }, et ses données sont réservées au rôle { $login } : mettez tally_{ "{" }service{ "}" } comme rôle dans { $setting } (postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE)
DATABASE_IN_USE = la base { $database } contient déjà des données de tally (schéma { $schema }), et il en faut une vide : créez-en une (CREATE DATABASE) et indiquez-la avec { $setting } ; rien n’a été modifié
STORE_FILE_DAMAGED = le fichier { $file } est endommagé ou n’est pas une base SQLite : restaurez-le à partir de votre sauvegarde, ou indiquez un autre emplacement avec { $setting } ; rien n’y a été modifié. L’étendue des dégâts s’obtient avec sqlite3 et PRAGMA integrity_check
STORE_FILE_UNUSABLE = le fichier { $file } ne peut pas être ouvert en lecture et en écriture : { $why }. Donnez à l’utilisateur de ce processus les droits sur le fichier et son dossier, ou indiquez un autre emplacement avec { $setting }
    .read_only = le fichier { $file } est en lecture seule, et une base de données doit pouvoir être écrite : donnez à l’utilisateur de ce processus le droit d’écrire le fichier et son dossier, ou retirez mode=ro de { $setting } s’il y figure
STORE_DISK_FULL = le disque de { $at } est plein : libérez de la place, puis refaites la même chose
    .serving = le disque de la base de données d’un service est plein, et rien n’a été modifié : son exploitant libère de la place ; refaites ensuite la même chose
STORE_DISK_FAILS = le disque de { $at } signale des erreurs : le journal de cette machine indique lesquelles ; réparez-le ou remplacez-le, puis vérifiez que les données sont intactes avant de continuer
    .serving = le disque de la base de données d’un service signale des erreurs, et rien n’a été modifié : son exploitant consulte le journal de cette machine ; refaites ensuite la même chose
DATABASE_ROLE_TOO_POWERFUL = l’URL de la base de données de { $service } se connecte en tant que { $user }, { $power } : la sécurité au niveau des lignes ne s’appliquerait pas. Mettez le rôle { $login } dans l’URL (postgres://tally_{ "{" }service{ "}" }@host/database) ; `tally migrate` avec l’URL du propriétaire le crée
POWER_SUPERUSER = un superutilisateur
POWER_BYPASSRLS = un rôle avec BYPASSRLS
POWER_OWNER = le propriétaire des tables
SCHEMA_BEHIND =
    le schéma de { $service } a { $count ->
        [one] { $count } migration
       *[other] { $count } migrations
    } de retard (la prochaine est { $next }) : lancez `tally migrate` avec l’URL du propriétaire
SCHEMA_AHEAD = la base de données de { $service } a été mise à niveau par une version plus récente de tally (celle-ci ne connaît pas { $migration }) : démarrez cette version ou une plus récente, ou restaurez la sauvegarde d’avant la mise à niveau
TENANT_NOT_HERE = cette base de données est un fichier SQLite et contient un seul groupe, qui est un autre ; pour plusieurs groupes, il faut PostgreSQL (TALLY_DATABASE_URL=postgres://...), qui les sépare par la sécurité au niveau des lignes
STORE_OF_ANOTHER_SERVICE = le fichier SQLite de { $service } est celui de { $owner } : mettez { "{" }service{ "}" } dans l’URL (sqlite://dir/{ "{" }service{ "}" }.db)
SERVICE_NAME_INVALID = « { $service } » ne peut pas être le nom d’un service : 32 caractères au maximum parmi a-z et _
HEADS_UNREADABLE = le fichier des têtes signées { $file } est illisible : { $cause }
HEADS_UNWRITABLE = les têtes signées du journal ne peuvent pas être écrites dans { $file } : { $cause }. Indiquez avec audit.heads_directory un dossier où l’utilisateur de ce processus peut écrire
KEYS_UNUSABLE = le fichier de clés { $file } est inutilisable : { $cause }. Restaurez-le à partir de votre sauvegarde, ou faites pointer keys.directory vers le bon dossier ; ce qui est scellé ne s’ouvre avec aucune autre clé
    .missing = il n’y a pas de fichier de clés { $file } : faites pointer keys.directory vers le bon dossier, ou restaurez-le à partir de votre sauvegarde ; ce qui est scellé ne s’ouvre avec aucune autre clé
    .closed = le fichier de clés { $file } est inutilisable : { $cause }. L’utilisateur de ce processus doit pouvoir le lire en tant que propriétaire (mode 0400) ou par son groupe (0440, sur Kubernetes avec fsGroup)
    .unwritable = le fichier de clés { $file } ne peut pas être écrit : { $cause }. Permettez à l’utilisateur de ce processus d’écrire dans son dossier, ou indiquez-en un autre avec keys.directory
    .signing = la clé { $file } est inutilisable : { $cause }. Restaurez-la à partir de votre sauvegarde, ou faites pointer keys.directory vers le bon dossier. Sans sauvegarde, déplacez-la : le prochain démarrage en crée une nouvelle, les personnes connectées se reconnectent, et les autres instances qui font confiance à l’ancienne clé ont besoin du nouveau .pub
    .closed_signing = la clé { $file } est inutilisable : { $cause }. L’utilisateur de ce processus doit pouvoir la lire en tant que propriétaire (mode 0400) ou par son groupe (0440, sur Kubernetes avec fsGroup)
    .public = la clé publique { $file } est inutilisable : { $cause }. Copiez-la de nouveau depuis le service auquel elle appartient ; celle qui se trouve à côté de son .key peut être supprimée, son service la réécrit au démarrage
    .folder = le dossier de clés { $file } est inutilisable : { $cause }. Permettez à l’utilisateur de ce processus de le lire et d’y écrire, ou indiquez-en un autre avec keys.directory
    .unwritable_signing = la clé { $file } ne peut pas être écrite : { $cause }. Permettez à l’utilisateur de ce processus d’écrire dans son dossier, ou indiquez-en un autre avec keys.directory
    .foreign = la clé publique { $file } ne va pas avec la clé { $private } qui se trouve à côté : l’une des deux a été remplacée. Restaurez les deux à partir de votre sauvegarde ; si la clé privée est la bonne, supprimez la clé publique, que son service réécrit au démarrage
SECRET_OPEN = tout le monde sur cette machine peut l’utiliser ; saisissez chmod 600 suivi de son nom
    .group = son groupe { $gid } peut l’utiliser, et ce processus n’en fait pas partie ; saisissez chmod 600 suivi de son nom, ou exécutez le processus avec le groupe { $gid } (sur Kubernetes : fsGroup: { $gid })
    .writable = son groupe peut le modifier ; saisissez chmod g-w suivi de son nom
KEY_FILE_MALFORMED = sa première ligne doit commencer par « { $header } »
    .lock = sa première ligne n’indique pas comment il est protégé
    .line = une ligne doit être : type, ID, clé
    .id = « { $id } » n’est pas un ID de clé
    .base64 = la clé { $kind } { $id } n’est pas en base64
    .length = la clé { $kind } { $id } doit avoir 32 octets
    .damaged = la clé { $kind } { $id } est endommagée
    .kind = « { $kind } » n’est pas un type de clé
    .twice = la clé { $kind } { $id } figure deux fois
    .few = il faut au moins une clé wrap, une clé bind et une clé sign
KEY_LINE_MALFORMED = une ligne doit contenir 32 octets en base64, et la date à partir de laquelle ou jusqu’à laquelle ils sont valables
    .none = il ne contient aucune clé
KEYS_OF_ANOTHER_STORE = les clés de ce processus ne sont pas celles avec lesquelles les données de { $service } ont été écrites : faites pointer keys.directory vers le bon dossier, ou restaurez seal.key à partir de votre sauvegarde ; rien n’a été modifié, et aucune clé n’a été créée. Une fois les bonnes clés en place, `tally audit verify` indique si quelqu’un a altéré le journal
STORE_LOST = la base de données de { $service } est vide, alors que { $file } indique qu’elle contenait des données : restaurez-la à partir de votre sauvegarde (avec SQLite, son fichier), ou vérifiez si { $setting } en désigne une autre ; rien n’a été modifié. Seulement si tout doit recommencer à zéro, déplacez d’abord { $file }
KEYS_PASSPHRASE_MISSING = le fichier de clés { $file } est protégé : définissez TALLY_KEYS_PASSPHRASE, ou TALLY_KEYS_PASSPHRASE_FILE vers un fichier qui contient la phrase secrète
KEYS_PASSPHRASE_WRONG = aucune clé de { $file } ne s’ouvre avec cette phrase secrète : vérifiez TALLY_KEYS_PASSPHRASE (ou le fichier que TALLY_KEYS_PASSPHRASE_FILE désigne) ; si elle est correcte, le fichier est endommagé : restaurez-le à partir de votre sauvegarde
KEYS_NOT_IN_A_FILE = ces clés n’existent que dans ce processus : il n’y a pas de fichier à modifier
KEY_ROTATES_ALREADY = { $service } a une nouvelle clé qui signe à partir du { $from } : attendez jusque-là

## The command line

SERVER_AWAY = personne ne répond sur { $server } : la suite y fonctionne-t-elle ? --server indique où elle écoute
CLIENT_FILE_UNREADABLE = impossible de lire { $file } : { $why }
CLIENT_FILE_WRONG = { $file } ne contient pas de { $block } au format PEM
SIGNED_IN_AS = en tant que { $login } sur { $server }, connecté avec `tally login`
LOGIN_GOOD = connecté jusqu’au { $until }. Les commandes suivantes n’ont plus besoin qu’on leur indique le jeton ni le serveur ; les autres programmes l’envoient sous la forme `authorization: Bearer ..`
LOGIN_NOT_REMEMBERED = la connexion ne peut pas être mémorisée dans { $file } ({ $why }) : donnez le jeton aux autres commandes avec --token-file
SIGN_IN_OVER = la connexion de { $login } a expiré : lancez de nouveau `tally login { $login }`
SIGN_IN_FIRST = aucun jeton : lancez d’abord `tally login NAME`, indiquez un fichier qui contient un jeton (--token-file), ou transmettez-en un par un tube
FOLDER_UNWRITABLE = impossible de créer le dossier { $path } : { $cause }. Créez-le pour l’utilisateur de ce processus, ou indiquez-en un autre dans { $setting }

## Bringing a bundle into a running suite

PERSON_NOT_IN_SUITE = la suite n’a personne avec le matricule { $number } que vous puissiez voir : réglez la cause du refus de cette ligne de people.csv, puis relancez l’import
ACCOUNT_NOT_IN_SUITE = la suite n’a aucun compte { $label } que vous puissiez voir : réglez la cause du refus de cette ligne de accounts.csv, puis relancez l’import
ROWS_OF_UNIT_REFUSED = son unité { $unit } a été refusée
ROWS_OF_NUMBER_REFUSED = le matricule { $number } a été refusé dans people.csv : cette ligne désigne peut-être une autre personne que la suite
ROWS_OF_ACCOUNT_REFUSED = le compte { $label } a été refusé dans accounts.csv : cette ligne désigne peut-être un autre compte que la suite
ROWS_OF_RECORD_REFUSED = l’enregistrement { $record } a été refusé dans records.csv : ses messages sont peut-être ceux d’un autre que celui de la suite
NICKNAME_REFUSED = l’alias { $alias } a été refusé dans aliases.csv, et cet enregistrement de { $number } désigne peut-être son agent par cet alias
IMPORT_STOPPED =
    pour cette exécution, { $rows ->
        [one] { $rows } ligne est
       *[other] { $rows } lignes sont
    } en place, avec tout ce que les exécutions précédentes ont apporté : relancez la même commande, ce qui est importé compte comme déjà présent
    .mend =
        pour cette exécution, { $rows ->
            [one] { $rows } ligne est
           *[other] { $rows } lignes sont
        } en place, avec tout ce que les exécutions précédentes ont apporté : corrigez ce qui est indiqué ici et relancez la même commande, ce qui est importé compte comme déjà présent
IMPORT_SERVICE_AWAY =
    le service { $service } est injoignable ; rien n’est perdu : pour cette exécution, { $rows ->
        [one] { $rows } ligne est
       *[other] { $rows } lignes sont
    } en place, avec tout ce que les exécutions précédentes ont apporté. Relancez la même commande quand il sera de retour, ce qui est importé compte comme déjà présent
IMPORT_DAMAGED = des valeurs ont été perdues avant l’import, et comme la suite n’écrase rien, elle conserverait définitivement ce qu’il en reste : { $columns }
IMPORT_DAMAGED_COLUMN =
    dans { $count ->
        [one] { $count } ligne
       *[other] { $count } lignes
    }, un tableur a réduit { $column } à ses premiers chiffres (par exemple { $example })
    .failed =
        dans { $count ->
            [one] { $count } ligne
           *[other] { $count } lignes
        }, { $column } contient ce qu’un tableur affiche à la place d’une valeur (par exemple { $example })
IMPORT_DAMAGED_CURE = rien n’a été écrit : exportez la colonne en tant que texte, sans formules en erreur, et relancez l’import, ou saisissez la même commande avec --accept-damaged pour écrire les lignes telles quelles
IMPORT_HEADING = Ce que l’import a apporté, du { $from } au { $to }
IMPORT_READ = lues
IMPORT_REJECTED = rejetées
IMPORT_LEFT_OUT = réunies ou écartées
IMPORT_WRITTEN = écrites
IMPORT_REVISED = nouvelle version
IMPORT_UNCHANGED = déjà présentes
IMPORT_REFUSED = refusées
IMPORT_CENSUS = Ce que la suite contient, dans la mesure où vous pouvez le voir
IMPORT_BEFORE = avant
IMPORT_AFTER = après
IMPORT_UNITS = unités organisationnelles
IMPORT_PEOPLE = personnes
IMPORT_ACCOUNTS = comptes
IMPORT_ALIASES = alias
IMPORT_DEVICES = appareils
IMPORT_SHIFTS = vacations de la période
IMPORT_SHIFT_HOURS = leurs heures
IMPORT_PUNCHES = pointages de la période
IMPORT_HANDOVERS = passations de la période
IMPORT_RECORDS = enregistrements de ces comptes dans la période
IMPORT_RECORD_HOURS = leurs heures
IMPORT_AMOUNT = leurs ventes, en unités mineures
IMPORT_CLAIMS = revendications sur ces comptes dans la période
IMPORT_REJECTED_ROWS =
    { $rows ->
        [one] { $rows } ligne n’a pas pu être lue ; { $file } l’indique avec la solution.
       *[other] { $rows } lignes n’ont pas pu être lues ; { $file } indique chacune avec la solution.
    }
IMPORT_REVISED_ROWS =
    { $rows ->
        [one] { $rows } ligne est présente dans une nouvelle version ; l’ancienne reste consultable
       *[other] { $rows } lignes sont présentes dans une nouvelle version ; les anciennes restent consultables
    }
IMPORT_REFUSED_ROWS =
    { $rows ->
        [one] { $rows } ligne n’a pas été acceptée par la suite ; { $file } l’indique avec le motif.
       *[other] { $rows } lignes n’ont pas été acceptées par la suite ; { $file } indique chacune avec le motif.
    }
IMPORT_NEEDS = un import demande un compte qui peut lire et écrire les unités, les personnes, le temps de service et les enregistrements, par exemple avec le rôle group_hr

## Fields of requests

ROW_INVALID = { $problems }
INSTANT_IMPLAUSIBLE = un instant des années { $first } à { $last } est attendu : vérifiez l’année
VALUE_MISSING = doit être indiqué
AT_MOST = { $max } au maximum
NUMBER_FROM_TO = de { $from } à { $to }
BEFORE_FROM = est antérieur à from
THROUGH_OR_NAMED = concerne toutes les unités : laissez unit_ids vide, ou retirez ceci
THROUGH_BEFORE = est le dernier de plusieurs jours : indiquez le premier dans as_of, et aucun jour qui lui soit postérieur
NOT_AFTER_START = doit être postérieur au début (start)
CUT_OVER_MALFORMED = écrivez HH:MM entre 00:00 et 11:59

## Attendance

NEVER_EMPLOYED = vous n’avez pas encore d’emploi, on ne peut donc pas dire à quoi cela se rattache : adressez-vous à vos RH
PUNCH_REPEATED = un de vos pointages a déjà été enregistré à cet instant précis
FACT_SUPERSEDED = la correction { $id } l’a déjà rectifié, et il ne compte plus : corrigez ce qui compte maintenant
CORRECTION_WAITS = la correction { $id } du même fait attend une approbation : approuvez-la, rejetez-la ou retirez-la d’abord
CORRECTION_NOT_WAITING =
    { $stage ->
        [approved] la correction a déjà été approuvée
        [rejected] la correction a été rejetée : refaites une demande
        [withdrawn] la correction a été retirée : refaites une demande
       *[other] la correction compte déjà
    }
CORRECTION_OUTDATED = la correction { $id } a rectifié le fait depuis cette demande : rejetez-la, et refaites une demande pour ce qui compte maintenant
    .gone = le fait n’est plus conservé depuis cette demande : rejetez-la
OWN_CORRECTION = personne ne décide d’une correction de ses propres faits : quelqu’un d’autre doit le faire
CORRECTION_OF_OTHERS = seule la personne qui a demandé une correction la retire : rejetez-la plutôt
PERIOD_PURGED = ce qui précède le { $day } n’est plus conservé et ne peut pas être rectifié
    .cycle = une période qui commence avant le { $day } repose sur des données { $kind } dont une partie a pu être supprimée au terme de la conservation, le cycle ne peut donc pas être recalculé : réglez ce qui est faux en dehors de Tally
    .close = une période qui commence avant le { $day } repose sur des données { $kind } dont une partie a pu être supprimée au terme de la conservation, et ce qui manque manquerait sans que rien ne le signale : choisissez une période qui commence le { $day } ou après, ou faites d’abord conserver { $kind } plus longtemps (SetRetention) et importez ce qui manque
    .row = ce qui précède le { $day } n’est plus conservé, et cette ligne est absente : retirez-la, ou faites d’abord conserver { $kind } plus longtemps (SetRetention)
    .named = { $name } est absent, et ce qui précède le { $day } n’est plus conservé : retirez-le, ou faites d’abord conserver { $kind } plus longtemps (SetRetention)
ALREADY_DIFFERENT = { $why } : corrigez cela d’abord
FACT_IN_FUTURE = { $at } n’est pas encore arrivé, nous sommes le { $now } : un pointage ou une passation se rectifie une fois qu’il a eu lieu ; pour prévoir, publiez une vacation
LATE_CHANGE_UNEXPLAINED = la vacation a commencé : indiquez pourquoi elle est modifiée maintenant
CORRECTION_ACTION_EXPECTED = ajouter (add), annuler (void) ou déplacer (move)
ALIAS_DAY_OUTSIDE = doit être l’un des jours où l’alias désigne cette personne
DEVICE_DAY_OUTSIDE = doit être l’un des jours où l’appareil appartient à cette personne ou à cette place
DEVICE_OWNER_EXPECTED = un appareil appartient à une personne (person_id) ou à une place (seat) : indiquez l’une des deux
HANDOVER_REPEATED = cette passation a déjà été enregistrée à cet instant précis
PERSON_UNKNOWN = il n’y a pas de personne { $id } : importez les personnes avant ce qu’elles ont fait
ACCOUNT_UNKNOWN = il n’y a pas de compte { $id } : importez d’abord les comptes
    .file = { $account } ne figure pas dans accounts.csv{ $hint }
PLACE_REGION_UNKNOWN = aucune unité du groupe n’est dans la région { $region }
PLACE_UNIT_UNKNOWN = le groupe n’a pas d’unité { $unit } aujourd’hui
PLACE_TEAM_NOT_UNIT = l’équipe { $team } n’est pas l’unité { $unit } : retirez l’une des deux
PLACE_REGION_OF_UNIT = l’unité est dans la région { $is }, pas dans { $said } : n’indiquez pas la région
ACCOUNT_CONTRADICTS_ROW = { $key } contredit une ligne précédente de cet appel sur { $fields } : ce qui a été dit d’un compte reste inchangé
ACCOUNT_CONTRADICTS_STORED = { $key } contredit ce qui existe sur { $fields } : ce qui a été dit d’un compte reste inchangé, seules des phases à des dates ultérieures s’ajoutent
    .team = { $key } contredit ce qui existe sur { $fields } : le compte appartient à l’unité { $unit }, et { $team } est aujourd’hui une autre unité. Écrivez le chemin actuel de sa propre unité, ou seulement unit_id
    .closed = { $key } contredit ce qui existe sur { $fields } : le compte appartient à l’unité { $unit }, qui a été fermée et n’a plus de chemin aujourd’hui, et { $team } est une autre unité. Écrivez seulement unit_id, sans l’équipe
ACCOUNT_OUT_OF_REACH = { $key } dépasse ce que vous pouvez envoyer : retirez-le, ou faites-le envoyer par quelqu’un qui en a le droit
FACT_OUT_OF_REACH = à cette date, la personne est hors de votre périmètre d’envoi : c’est à l’unité dont l’équipe relevait alors de l’envoyer, ou à quelqu’un du groupe
ALIAS_DIFFERENT = cet alias existe depuis la même date avec une autre personne (employee_no) et une autre fin (to)
    .person = cet alias existe depuis la même date avec une autre personne (employee_no)
    .end = cet alias existe depuis la même date avec une autre fin (to)
DEVICE_DIFFERENT = cet appareil existe depuis la même date, pour la même personne ou la même place, avec une autre fin (to)
SHIFT_CANCELLED = la vacation de cette personne sur ce compte à partir du { $start } a été annulée, et un planning ne la rétablit pas : pour la prévoir de nouveau, modifiez la vacation { $shift } (ChangeShift)
SHIFT_DIFFERENT = la vacation de cette personne sur ce compte à partir du { $start } existe avec une autre fin
    .seat = la vacation de cette personne sur ce compte à partir du { $start } existe avec une autre place, ou sans place alors que cette ligne en indique une
PUNCH_DIFFERENT = le { $at }, un pointage de cette personne est connu dans l’autre sens (kind)
HANDOVER_DIFFERENT = le { $at }, c’est une autre personne qui est connue pour l’avoir fait (employee_no), et une seule à la fois détient ce compte
    .kind = le { $at }, cette personne est connue pour avoir fait l’inverse (kind)
SITE_DIFFERENT = le site { $name } existe avec un autre fuseau horaire, une autre heure de bascule ou une autre région
ALIAS_OVERLAP = cet alias désigne déjà quelqu’un à une partie de ces dates : mettez fin à l’un avant que l’autre commence
SLASH_NOT_ALLOWED = ne doit pas contenir de barre oblique : elle relie la plateforme, la boutique et le nom
PHASES_MISSING = au moins une : comment le compte est utilisé
DIRECTION_EXPECTED = indiquez quel sens est le meilleur : plus haut (higher) ou plus bas (lower)
NORMALISATION_EXPECTED = indiquez comment une valeur devient des points : target_piecewise, min_max, percentile ou t_score
PHASE_KIND_EXPECTED = partagé (shared), mixte (mixed) ou nominatif (named)
PHASE_TWICE = deux phases commencent à cette date
HANDOVER_KIND_EXPECTED = prise (take) ou libération (release)
PUNCH_KIND_EXPECTED = entrée (in) ou sortie (out)
SHIFT_TOO_LONG = une vacation dure moins de { $hours } heures
PERIOD_TOO_LONG = { $days } jours au maximum
DUTY_VERSION_EXPECTED = 1, 2 ou 3 est attendu, ou 0 pour la plus récente
PUNCH_OF_SHIFT = il se rattache à votre vacation qui commence le { $start }
PUNCH_CAME = votre présence compte à partir de maintenant
PUNCH_LEFT = il termine la présence commencée le { $since }
PUNCH_STILL_IN = votre présence commencée le { $since } n’était pas terminée : elle s’arrête ici et une nouvelle commence
PUNCH_NOT_IN = vous n’avez pas pointé d’entrée au cours des { $hours } dernières heures : demandez une correction si vous avez oublié
PUNCH_NOT_PLANNED = aucune de vos vacations n’est proche de cette heure
PUNCH_DRIFT = l’horloge de votre appareil diffère de la nôtre de { $seconds } s ; c’est la nôtre qui compte
DUTY_DOUBLE_IN = { $number } a pointé une nouvelle entrée le { $at } sans avoir pointé de sortie ; la première présence s’arrête là
DUTY_IN_WITHOUT_OUT = { $number } a pointé une entrée le { $at } sans sortie dans les { $hours } h ; cette présence ne compte pas
DUTY_OUT_MAY_COME = le pointage de { $number } le { $at } compte comme une entrée, et les pointages se terminent le { $last } sans sortie ; il n’en résulte aucune présence, et une vacation de cette journée de travail ne compte que là où une paire de pointages la couvre
DUTY_LONE_IN = le pointage de { $number } le { $at } compte comme une entrée, et aucune sortie ne suit dans les { $hours } h ; il n’en résulte aucune présence, et une vacation de cette journée de travail ne compte que là où une paire de pointages la couvre
DUTY_LONE_OUT = le pointage de { $number } le { $at } compte comme une sortie, et aucune entrée ne l’a précédé dans les { $hours } h ; il n’en résulte aucune présence, mais une vacation de cette journée de travail ne compte que là où une paire de pointages la couvre, et une détention sans libération s’arrête là
DUTY_SHIFT_UNCOVERED = { $number } était au planning sur { $account } du { $start } au { $end } et a pointé ce jour de travail, mais aucune paire de pointages n’en couvre une partie ; la vacation ne compte pas tant que les pointages manquants ne sont pas ajoutés
DUTY_SHIFT_BARELY_COVERED =
    { $number } était au planning sur { $account } du { $start } au { $end } et a pointé ce jour de travail, mais { $why ->
        [other] les pointages qui touchent cette vacation appartiennent à une autre
       *[edge] aucune paire de pointages ne couvre une partie de son horaire prévu
    } ; { $minutes } min au plus de son bord comptent tant que les pointages manquants ne sont pas ajoutés
DUTY_SHIFT_HELD_BY_OTHERS = { $number } était au planning sur { $account } du { $start } au { $end }, mais, d’après le journal des passations, seules d’autres personnes détenaient le compte pendant le temps qui aurait compté ; la vacation ne compte pas, et si { $number } était alors en service, il faut ajouter la prise et la libération
DUTY_OUT_WITHOUT_IN = { $number } a pointé une sortie le { $at } sans entrée dans les { $hours } h précédentes ; elle ne compte pas
DUTY_OUT_AFTER_CLOSED_IN = le pointage de { $number } le { $at } compte comme une sortie, mais l’entrée précédente a été close le { $out } ; il n’en résulte aucune présence, et une détention sans libération s’arrête là
DUTY_SHIFT_NOT_EMPLOYED = { $number } est au planning sur { $account } du { $start } au { $end } et n’a pas d’emploi à ce moment-là : la vacation ne compte pas ; corrigez le planning, ou les dates de l’emploi
DUTY_PUNCH_NOT_EMPLOYED = { $number } a pointé le { $at } et n’a pas d’emploi à ce moment-là : ce pointage ne compte pas ; corrigez le pointage, ou les dates de l’emploi
DUTY_HOLD_NOT_EMPLOYED = { $number } a pris { $account } le { $at } et n’a pas d’emploi à ce moment-là : la détention ne compte pas ; corrigez la passation, ou les dates de l’emploi
DUTY_IN_AND_OUT_AT_ONCE = { $number } a pointé une entrée et une sortie le { $at }, au même moment ; il n’en résulte aucune présence
DUTY_NOBODY = il existe des éléments sur { $account }, et pourtant personne n’était en service pendant la période
DUTY_NO_EVIDENCE_V1 =
    aucun planning, pointage ni passation ne renseigne sur { $account } pendant la période : tout son travail est partagé par l’ensemble de son équipe ({ $scope ->
        [all] tout le monde
       *[team] { $team }
    }, { $people } personnes) ; publiez des plannings ou faites pointer les personnes
DUTY_NO_EVIDENCE =
    aucun planning, pointage ni passation ne renseigne sur { $account } pendant la période : toute son équipe compte comme en service ({ $scope ->
        [all] tout le monde
       *[team] { $team }
    }, personnes : { $people }) ; publiez des plannings ou faites pointer les personnes
DUTY_RELEASE_WITHOUT_TAKE = { $number } a libéré { $account } le { $at } sans le détenir ; cette libération ne compte pas
DUTY_NEVER_RELEASED =
    { $number } a pris { $account } le { $since } et ne l’a jamais libéré ; la détention s’arrête le { $end }, { $by ->
        [release] à la libération
        [punch_out] au pointage de sortie suivant
        [roster] à la fin du planning
        [too_long] à la durée maximale admise
       *[taken_again] à la prise suivante
    }
DUTY_NO_RELEASE_KNOWN =
    { $number } a pris { $account } le { $since } et aucune libération n’est connue ensuite ; la détention s’arrête le { $end }, { $by ->
        [release] à la libération
        [punch_out] au pointage de sortie suivant
        [roster] à la fin du planning
        [too_long] à la durée maximale admise
       *[taken_again] à la prise suivante
    }
DUTY_TAKEN_AGAIN =
    { $number } a pris { $account } le { $since } et l’a repris le { $again } sans libération entre-temps ; la détention s’arrête le { $end }, { $by ->
        [release] à la libération
        [punch_out] au pointage de sortie suivant
        [roster] à la fin du planning
        [too_long] à la durée maximale admise
       *[taken_again] à la prise suivante
    }
DUTY_HELD_BY_TWO =
    { $first } et { $second } détenaient tous deux { $account } du { $from } au { $until } ; { $why ->
        [exclusive] une seule personne à la fois peut le détenir
       *[unreleased] la première personne ne l’avait pas libéré
    }

## What to do about findings

FINDING_ADVICE =
    { $kind ->
        [NO_DUTY_EVIDENCE] importez un planning du compte, ou faites pointer les personnes ou enregistrer leurs passations, et relancez le calcul
        [UNHELD_ACCOUNT] ajoutez la vacation de la personne qui servait alors le compte, ou les pointages ou la prise qui manquent ; déplacez un enregistrement qui appartient à un autre compte (MoveRecord)
        [OVERLAP] ajoutez la libération de la personne qui n’avait plus le compte quand l’autre l’a pris (CorrectHandover)
        [MISSING_RELEASE] ajoutez la libération (CorrectHandover)
        [RELEASE_WITHOUT_TAKE] ajoutez la prise qui correspond à la libération, ou annulez la libération (CorrectHandover)
        [DOUBLE_IN] ajoutez la sortie avant la seconde entrée, ou annulez l’une des deux (CorrectPunch)
        [MISSING_PUNCH] ajoutez le pointage qui manque, ou annulez celui qui est isolé (CorrectPunch)
        [UNCOVERED_SHIFT] ajoutez les pointages de la vacation (CorrectPunch), ou annulez-la si personne n’est venu (CancelShift)
        [BARELY_COVERED_SHIFT] ajoutez les pointages qui manquent à la vacation (CorrectPunch), ou modifiez ses horaires (ChangeShift)
        [HELD_BY_OTHERS] ajoutez la prise et la libération de la personne qui servait selon le planning (CorrectHandover), ou annulez la vacation (CancelShift)
        [NOT_EMPLOYED] rectifiez le planning, le pointage ou la passation, ou les dates de l’emploi (ChangeEmployment)
        [TAG_OFF_DUTY] ajoutez la vacation ou les pointages de la personne que l’enregistrement désigne, déplacez-le vers le compte auquel il appartient (MoveRecord), ou renvoyez-le avec le bon nom et une révision supérieure
        [NAMED_WITHOUT_AGENT] renvoyez les enregistrements avec le nom de l’agent et une révision supérieure
        [MIXED_WITHOUT_TAG] renvoyez les enregistrements avec le nom de l’agent et une révision supérieure, ou laissez-les au planning
        [TOO_FEW_TO_INFER] il n’y a rien à faire ; des passations ou des noms dans les enregistrements indiquent plus précisément qui a servi
        [DID_NOT_SETTLE] il n’y a rien à faire ; des passations indiquent plus précisément qui a servi
        [SEVERAL_AT_ONCE] envoyez les heures des réponses, ou faites revendiquer les conversations ; des noms dans les enregistrements indiquent aussi plus précisément qui a servi
        [TOO_FEW_REPLIES] il n’y a rien à faire pour un petit mois ; des noms dans les enregistrements, ou des revendications, indiquent plus précisément qui a servi
        [REPLIES_TOO_DENSE] faites en sorte qu’un dixième des enregistrements porte un nom, soit revendiqué d’un clic (MakeClaim) ou écrit sur des appareils connus (ImportDevices), et que les pauses soient pointées
        [EVIDENCE_UNEVEN] faites cliquer (MakeClaim), signer ou écrire sur des appareils connus (ImportDevices) toutes les personnes du compte de la même façon
        [CLOCK_WITHOUT_SECONDS] faites exporter les heures des réponses avec leurs secondes
        [CLAIM_OFF_DUTY] vérifiez qui a cliqué, ainsi que les pointages et le planning de ce jour
        [CLAIM_WITHOUT_RECORD] vérifiez si l’enregistrement a été envoyé, ainsi que l’horloge des revendications
        [CLAIMS_DIFFER] demandez-leur qui a servi, et faites en sorte que l’enregistrement désigne son agent
        [DEVICE_OFF_DUTY] vérifiez à qui est l’appareil, ainsi que les pointages et le planning de ce jour
        [DEVICE_OF_SEVERAL] indiquez de quand à quand l’appareil appartient à chacun
        [DEVICE_OF_NOBODY] indiquez à qui est l’appareil ces jours-là, sous le nom que les enregistrements lui donnent (ImportDevices), ou mettez quelqu’un au planning sur sa place
        [EVIDENCE_NOT_READ] indiquez la version 3 de la politique, qui en tient compte, ou aucune, pour la plus récente ; ou laissez ainsi, le mois est alors attribué sans ces éléments
        [REPLY_OUTSIDE_RECORD] vérifiez quand l’enregistrement commence et finit, ainsi que l’horloge des réponses
        [BREAKS_NOT_PUNCHED] faites pointer la sortie pour une pause et l’entrée au retour (RecordPunch), ou faites passer le compte à quelqu’un d’autre
        [CLOCKS_APART] mettez à l’heure l’horloge du poste, et faites réexporter ses messages s’ils doivent être conservés à la bonne heure
        [UNKNOWN_AGENT] indiquez à qui est ce nom (ImportAliases), ou renvoyez les enregistrements avec le bon
        [ACCOUNT_UNKNOWN] importez le compte (ImportAccounts), ou déplacez les enregistrements vers celui auquel ils appartiennent (MoveRecord)
        [POPULATION_CHANGED] clôturez de nouveau le cycle, sauf s’il doit garder les personnes d’avant (CloseCycle)
        [AMOUNTS_CONVERTED] il n’y a rien à faire ; si un taux est faux, saisissez le bon (SetRates) et relancez le calcul
        [MEASURE_NOT_SENT] envoyez ce que la phrase indique, ou retirez l’indicateur du barème
        [OBSERVATIONS_BEYOND_PERIOD] retirez l’observation (WithdrawObservation) et renvoyez-la en plusieurs parties, chacune sur les jours d’une seule période, ou clôturez une période qui contient tous ses jours
        [OBSERVATIONS_UNREAD] renvoyez-les sous le bon nom et retirez celles-ci (WithdrawObservation), ou faites lire la mesure par un barème ; il n’y a rien à faire si elles sont gardées pour plus tard
        [REFUND_EXCEEDS_SALE] renvoyez le remboursement avec le bon montant et une révision supérieure, ou retirez-le (WithdrawRecord) ; s’il est exact, renvoyez la vente avec ce qu’elle a rapporté
        [CONTRIBUTOR_UNKNOWN] indiquez à qui est ce nom (ImportAliases), ou renvoyez l’enregistrement avec les bons contributeurs et une révision supérieure
        [CONTRIBUTOR_OFF_DUTY] il n’y a rien à faire si quelqu’un a aidé en dehors de ses heures ; sinon, ajoutez la vacation ou les pointages, ou renvoyez l’enregistrement avec les bons contributeurs et une révision supérieure
        [CONTRIBUTORS_NOT_SPLIT] indiquez une politique avec une répartition pour que ces enregistrements soient partagés, ou laissez ainsi : les contributeurs sont conservés
        [STANDARD_WITHDRAWN] rédigez une nouvelle version du barème qui suive un standard en vigueur (ListRefinements indique ce qui convient), puis créez et clôturez un cycle avec elle, ou corrigez grâce à elle un cycle publié (CorrectCycle) ; laissez ainsi si le mois doit encore être évalué selon l’ancienne
       *[other] examinez ce qui est indiqué, rectifiez ce qui est faux et relancez le calcul
    }
FIX_REFUSED = la rectification n’a pas été acceptée : { $why }
FINDING_WITHOUT_FIX = aucun appel ne rectifie à lui seul un constat de type { $kind } : son conseil indique quoi faire

## Performance

CYCLE_CLOSING = la clôture du cycle est en cours : suivez-la, ou annulez-la d’abord
CYCLE_PUBLISHED = le cycle est publié et ne change plus jamais : corrigez-le avec CorrectCycle si son résultat doit être différent
CYCLE_NOT_CLOSING = le cycle n’est pas en cours de clôture, il n’y a donc rien à annuler
CYCLE_NOT_REVIEWABLE = le cycle n’a pas de résultat à publier : clôturez-le d’abord
CYCLE_WITHOUT_RESULT = le cycle n’a pas encore de résultat : clôturez-le, et suivez-le jusqu’à ce qu’il puisse être examiné
PERIOD_WITHOUT_RECORDS = aucun enregistrement de service d’aucun compte n’a commencé entre le { $from } et le { $to } : importez les enregistrements de ces jours, ou créez un cycle sur d’autres jours
    .part = aucun enregistrement de service d’un compte de son unité, ou d’un compte servi par son personnel, n’a commencé entre le { $from } et le { $to } : importez les enregistrements de ces jours ; s’ils sont déjà là, faites indiquer par les comptes leur équipe dans l’unité, et corrigez les emplois des personnes qui les ont servis ; si ses équipes sont passées dans une autre unité, c’est celle-ci qui clôture leur mois
NOBODY_CREDITED =
    { $records ->
        [one] l’unique enregistrement n’a pu être attribué à personne
       *[other] aucun des { $records } enregistrements n’a pu être attribué à quelqu’un
    } : importez les plannings, pointages ou passations de la période, puis clôturez de nouveau
    .unemployed =
        { $records ->
            [one] l’unique enregistrement n’a pu être attribué à personne
           *[other] aucun des { $records } enregistrements n’a pu être attribué à quelqu’un
        }, puisque personne n’a d’emploi entre le { $from } et le { $to } : corrigez les emplois ou la période, puis clôturez de nouveau
    .elsewhere = aucune personne du cycle n’a de part d’un enregistrement : ce que le calcul d’attribution a lu est attribué à des personnes qui n’en font pas partie ({ $elsewhere } sur { $records }). Voyez qui en fait partie et pourquoi (PreviewPopulation), corrigez les emplois, ou le compte, l’agent ou le planning sur lesquels reposent les enregistrements, puis clôturez de nouveau
CYCLE_REFUSED = { $message }
CYCLE_GIVEN_UP = la clôture a été tentée plusieurs fois en vain ({ $reason }) : clôturez de nouveau, et en cas de nouvel échec adressez-vous à l’exploitant
STEP_QUEUED = en attente de traitement
STEP_COLLECTING = collecte des personnes, des comptes et du temps de service
STEP_ATTRIBUTING = attribution des enregistrements aux personnes
STEP_SCORING = établissement des fiches de score
RUN_RESTS = le calcul d’attribution est déjà terminé, il n’y a donc rien à arrêter
RUN_NOT_DONE = le calcul d’attribution n’a pas de résultat : suivez-le jusqu’à la fin, ou lancez-en un autre
RUN_DIFFERS = le calcul d’attribution porte sur d’autres jours ou une autre politique que le cycle : indiquez-en un qui corresponde, ou aucun, et il en sera lancé un
RUN_COVERS_PART = le calcul d’attribution porte sur certains comptes ou certaines unités et non sur tout ce qui concerne le cycle : indiquez-en un qui porte sur l’unité du cycle ou sur une unité supérieure, ou aucun, et il en sera lancé un
    .moved =
        { $people ->
            [one] { $people } personne qui fait partie du cycle au { $day } (as_of) relève
           *[other] { $people } personnes qui font partie du cycle au { $day } (as_of) relèvent
        } d’une autre unité au { $last }, avec les comptes servis : faites lancer un calcul pour { $unit } (StartAttributionRun, par quelqu’un dont les droits le permettent) et indiquez-le (attribution_run_id), ou prenez le dernier jour pour as_of
    .moved_group =
        { $people ->
            [one] { $people } personne qui fait partie du cycle au { $day } (as_of) relève
           *[other] { $people } personnes qui font partie du cycle au { $day } (as_of) relèvent
        } d’une autre unité au { $last }, avec les comptes servis : faites lancer un calcul pour le groupe (StartAttributionRun, par les RH du groupe) et indiquez-le (attribution_run_id), ou prenez le dernier jour pour as_of
RUN_AWAITED = un cycle est en cours de clôture avec ce calcul d’attribution : annulez plutôt la clôture du cycle
RUN_OUTDATED = des enregistrements de { $account } ont été modifiés depuis que le calcul d’attribution les a lus, et le barème lit une colonne que ce calcul n’a pas totalisée : lancez un autre calcul, ou clôturez sans en indiquer
RUN_WITHOUT_RATES = le barème indique sa devise, et le calcul d’attribution date d’avant la conservation des taux : clôturez le cycle sans indiquer ce calcul, ou lancez-en un autre
    .on = l’enregistrement { $record } de { $account } du { $day } est dans une autre devise, et le calcul d’attribution ne conserve aucun taux de ce jour, car aucun barème pour lequel il a été lancé, ou qui était alors en vigueur, ne remonte aussi loin : clôturez le cycle sans indiquer ce calcul, ou lancez-en un autre
RUN_STOPPED = le calcul d’attribution a été arrêté : clôturez de nouveau le cycle
RUN_BELONGS_ABOVE =
    { $own ->
        [0]
            des personnes de cette unité servent des comptes { $units ->
                [0] d’autres unités
               *[other] de { $beyond }
            }
       *[other]
            des personnes { $units ->
                [0] d’autres unités
               *[other] de { $beyond }
            } servent les mêmes comptes ({ $accounts })
    }, et l’attribution se fait ensemble pour ceux qui ont travaillé ensemble : faites lancer le calcul d’attribution pour { $unit } (StartAttributionRun, par quelqu’un dont les droits le permettent), puis clôturez avec lui (CloseCycle avec attribution_run_id)
    .group =
        { $own ->
            [0]
                des personnes de cette unité servent des comptes { $units ->
                    [0] d’autres unités
                   *[other] de { $beyond }
                }
           *[other]
                des personnes { $units ->
                    [0] d’autres unités
                   *[other] de { $beyond }
                } servent les mêmes comptes ({ $accounts })
        }, et l’attribution se fait ensemble pour ceux qui ont travaillé ensemble : faites lancer le calcul d’attribution pour tout le groupe (StartAttributionRun sans unité, par les RH du groupe), puis clôturez avec lui (CloseCycle avec attribution_run_id)
SCHEME_OF_ANOTHER_UNIT = le barème appartient à une unité dont le cycle ne relève pas : prenez un barème du groupe, de l’unité ou d’une unité supérieure
POPULATION_EMPTY = personne ne fait partie du cycle : voyez avec PreviewPopulation qui en fait partie et qui non, et indiquez d’autres unités, postes, grades ou personnes
POPULATION_UNIT_BEYOND = { $unit } n’est pas l’unité du cycle ni une unité inférieure ce jour-là
POPULATION_PERSON_BEYOND = { $person } n’appartient pas à l’unité du cycle ni à une unité inférieure ce jour-là
POPULATION_PERSON_UNKNOWN = personne dans le groupe n’a l’ID { $person } : cherchez l’ID avec ListPeople
POPULATION_AS_OF_OUTSIDE = { $day } n’est pas un jour du cycle : indiquez un jour du { $from } au { $to }, ou aucun, et c’est le { $to } qui compte
STANDARD_WITHDRAWN = le barème « { $scheme } » décline la version { $version } du standard « { $standard } », qui n’est plus en vigueur à partir du { $from } : le cycle est tout de même noté d’après elle
    .instead = le barème « { $scheme } » décline la version { $version } du standard « { $standard } », qui n’est plus en vigueur à partir du { $from }, et la version { $instead } doit la remplacer : le cycle est tout de même noté d’après l’ancienne
POPULATION_CHANGED = a rejoint ou quitté la population pendant la clôture du cycle
    .came = appartient maintenant à la population, mais pas au début de la clôture, et n’a pas de fiche : clôturez de nouveau le cycle pour inclure la personne
    .left = appartenait à la population au début de la clôture, mais plus maintenant, et a une fiche : clôturez de nouveau le cycle pour exclure la personne
CYCLE_OR_RUN = indiquez un cycle ou un calcul d’attribution, pas les deux
RUN_GONE = le calcul a été annulé
WORKER_GONE = le processus de traitement a disparu
TIME_OF_DAY_MALFORMED = « { $text } » n’est pas une heure de la journée : écrivez 04:00
RULES_VERSION_UNKNOWN = « { $version } » n’est pas une version des règles : écrivez 1, 2 ou 3
RULES_VERSION_DIFFERS = retirez-le, ou écrivez { $version } comme dans policy.version
ACCOUNT_ELSEWHERE =
    le compte { $account } est dans la région { $region } et { $unit ->
        [none] n’appartient à aucune unité
       *[other] appartient à l’unité { $unit }
    } : indiquez-le ainsi
EXTERNAL_ID_MISSING = external_id est vide : indiquez l’ID de l’enregistrement sur la plateforme
RECORD_TEXT_TOO_LONG = { $field } est trop long : { $max } caractères au maximum
MEASURE_TOO_LONG = une mesure est trop longue : { $max } caractères au maximum
MEASURES_TOO_MANY = la liste des mesures est trop longue : { $max } au maximum
RECORD_TIME_MISSING = { $field } manque ou n’est pas une heure
INTERVAL_BACKWARDS = se termine le { $ended }, avant de commencer le { $started } : corrigez l’un des deux
RECORD_TIME_IMPLAUSIBLE = { $field } n’est pas compris entre les années { $first } et { $last } : vérifiez l’année
INTERVAL_TOO_LONG = dure du { $started } au { $ended }, et aucun enregistrement ne dure plus de { $days } jours : corrigez les dates
AMOUNT_OUT_OF_RANGE = le montant dépasse { $most } unités mineures : vérifiez l’unité
REPLY_OUT_OF_RANGE = la première réponse est venue après plus de { $most } secondes : vérifiez l’unité, ou retirez-la
MEASURE_OUT_OF_RANGE = la mesure « { $name } » a plus de { $digits } chiffres avant le point : vérifiez l’unité
AMOUNT_NEGATIVE = le montant est négatif : indiquez dans refers_to l’enregistrement dont il est le remboursement
REFUND_TAKES_NOTHING = refers_to en fait un remboursement, et son montant n’est pas négatif : écrivez le montant remboursé avec un signe moins, ou laissez refers_to vide
REFERS_TO_NOTHING = { $id } renvoie à { $other }, qui n’est pas un enregistrement de ce compte : envoyez d’abord celui-ci, ou dans le même appel
REFERS_TO_REFUND = { $id } renvoie à { $other }, qui est lui-même un remboursement : indiquez l’enregistrement qui a été servi
REFERENCE_FIXED = { $id } existe déjà et renvoie à un autre enregistrement, ou à aucun : retirez-le, et envoyez le remboursement sous son propre ID
REPLY_RECORD_UNKNOWN = il n’y a pas d’enregistrement { $id } sur ce compte, ou il date d’un jour que vous ne pouvez pas importer : importez d’abord l’enregistrement, ou corrigez son ID ou son compte
    .account = { $account } n’est l’ID d’aucun compte : indiquez-le tel que les listes le donnent
REPLIES_MISSING = { $id } n’a aucun message : envoyez-en au moins un, ou retirez la ligne
REPLY_SIDE_MISSING = by manque : indiquez si c’est l’agent ou le client qui l’a écrit
REPLIES_TOO_MANY = { $id } aurait { $count } messages, et un enregistrement en a { $most } au maximum : vérifiez si un même ID désigne plusieurs conversations
    .import = { $most } messages au maximum par appel, il y en a { $count } : faites plusieurs appels
CLAIM_NAMES_BOTH = elle indique un enregistrement et un client : indiquez l’un des deux, ou aucun pour le prochain enregistrement du compte
CLAIM_OUT_OF_REACH = les revendications sur le compte { $account } dépassent ce que vous pouvez envoyer : retirez-les, ou faites-les envoyer par quelqu’un qui en a le droit
CLAIM_WITHDRAWN = la revendication du { $at } a été retirée ({ $why }) : ne l’envoyez pas
OBSERVATION_OUT_OF_REACH = { $name } dépasse ce que vous pouvez envoyer : retirez-le, ou faites-le envoyer par quelqu’un qui en a le droit
CONTRIBUTORS_MALFORMED = contributors : « { $text } » ne désigne personne : écrivez un rôle et un matricule ou un alias, sans point-virgule
    .role = contributors : « { $text } » n’est pas un rôle : utilisez first_answer, closer ou after_sales
    .twice = contributors : { $text } figure deux fois : indiquez chacun une seule fois par rôle
    .many = contributors : il y en a plus que les { $max } admis pour un enregistrement
SPLIT_NOT_WHOLE = la somme des parts est de { $sum } millionièmes et non de 1000000 : donnez à chaque rôle sa part de façon à former un enregistrement entier
RECORD_CURRENCY_UNKNOWN = « { $code } » n’est pas une devise ISO 4217 : écrivez-en une, par exemple JPY, ou laissez vide pour celle du groupe
REVISION_OUT_OF_RANGE = la révision { $revision } dépasse { $most } : envoyez-en une plus petite
REVISION_TWICE = revision et revised_at sont tous deux présents : envoyez l’un des deux
REVISION_STALE = { $id } existe déjà en révision { $there }, plus récente que { $sent } : envoyez une révision supérieure si c’est ceci qui compte
    .unsaid = { $id } existe déjà en révision { $there }, et cette ligne n’en indique pas : envoyez une révision supérieure si c’est ceci qui compte
RECORD_WITHDRAWN = { $id } a été retiré ({ $why }) : ne l’envoyez pas, ou envoyez une révision supérieure pour le rétablir
    .already = { $id } est déjà retiré ({ $why }) : il n’y a plus rien à faire
RECORD_MOVED = { $id } a été déplacé vers un autre compte ({ $why }) : envoyez-le pour ce compte
    .already = { $id } a été déplacé vers un autre compte ({ $why }) : ListRecordVersions indique lequel ; si c’est le bon, il n’y a plus rien à faire
RECORD_OUT_OF_REACH = vous n’avez pas le droit d’importer { $id } pour ce jour : faites-le importer par l’unité dont relevait ce jour-là l’équipe du compte, ou par le groupe
RATING_OUT_OF_RANGE = la note de { $rating } millièmes dépasse dix points
MEASURE_MALFORMED = la mesure « { $name } » doit avoir un nom qui lui est propre et soit un nombre décimal, soit un texte
ROWS_CONTRADICT = plusieurs lignes de cet appel portent { $id } et disent des choses différentes : envoyez celle qui est juste
ID_WITH_UNSEEN = { $field } contient le caractère { $character }, que personne ne voit : supprimez-le
    .here = il contient le caractère { $character }, que personne ne voit : supprimez-le
DIFFERENT_CONTENT = { $id } existe déjà avec un autre contenu ({ $columns }) : envoyez-le avec une révision supérieure si c’est ceci qui compte
COLUMN_DIFFERS = { $column } : { $there } là-bas, { $here } ici
    .hidden = { $column }
NO_VALUE_THERE = aucune valeur
MOVED_TO_ITSELF = c’est le compte sur lequel l’enregistrement se trouve déjà : indiquez celui auquel il appartient
RECORD_REFERRED_TO = le remboursement { $refund } renvoie à { $id } : retirez d’abord le remboursement
REFUND_MOVES_WITH_RECORD = { $id } est un remboursement de { $other } : déplacez cet enregistrement, et ses remboursements le suivent
RECORD_THERE_ALREADY = l’autre compte a, ou avait, un autre enregistrement { $id } : rien n’est écrasé, retirez celui qui est faux
RECORD_RATE_MISSING = l’enregistrement { $record } de { $account } est en { $currency }, et le calcul d’attribution date d’avant la conservation des taux : clôturez le cycle sans indiquer ce calcul, ou lancez-en un autre
    .on = l’enregistrement { $record } de { $account } est en { $from }, et aucun taux entre { $from } et { $to } n’est connu au { $day } : faites-en saisir un à partir de ce jour ou d’un jour antérieur (SetRates, avec sa source), puis corrigez de nouveau le cycle s’il a été publié, sinon clôturez-le de nouveau, sans indiquer de calcul ou à partir d’un calcul lancé après : un calcul antérieur garde les taux qu’il a
    .look = { $account } a des ventes en { $from } à partir du { $day }, et aucun taux entre { $from } et { $to } n’est alors connu : faites-en saisir un à partir de ce jour ou d’un jour antérieur (SetRates, avec sa source)
RECORD_ELSEWHERE = le calcul est impossible avec un enregistrement d’un compte qui n’est pas de cette unité ({ $why }) : faites clôturer par le groupe un cycle sur les mêmes jours, qui indique l’enregistrement, faites-le rectifier, puis clôturez de nouveau sans indiquer de calcul, ou à partir d’un calcul lancé après : un calcul antérieur garde les enregistrements et les taux qu’il a lus
RECORD_AMOUNT_TOO_LARGE = le montant de l’enregistrement { $record } de { $account } dépasse { $most } en unités mineures de { $to }, soit plus que ce qui peut être calculé : corrigez le montant ou le taux de ce jour, puis clôturez de nouveau
SCHEDULE_UNIT_STAYS = l’unité d’une clôture programmée ne change pas : créez une autre clôture programmée pour une autre unité
SCHEDULE_AS_OF = une clôture programmée détermine chaque mois quelles personnes en font partie, au dernier jour de ce mois : n’indiquez pas de jour
SCHEDULE_DAY = { $day } n’est pas un jour du mois : écrivez de 1 à 31 ; dans un mois qui n’a pas ce jour, c’est le dernier qui compte
SCHEDULE_DELAY = une exécution attend au maximum { $most } minutes entre l’examen préalable et la clôture
    .dry = une clôture programmée avec examen préalable indique combien de minutes plus tard elle clôture, de 1 à { $most } ; sans examen préalable, elle indique 0
SCHEDULE_RUN_CLOSES = l’exécution est en train de clôturer son cycle : annulez plutôt la clôture du cycle
SCHEDULE_RUN_ENDED = l’exécution est terminée : il n’y a rien à arrêter
SCHEDULE_MONTH_THERE = le mois a déjà été commencé : il peut l’être de nouveau une fois que son exécution a échoué ou a été arrêtée
SCHEDULE_MONTH_NOT_OVER = le mois n’est pas encore terminé dans le fuseau horaire de la clôture programmée : commencez-le ensuite
SCHEDULE_THERE = la clôture programmée { $schedule } indique la même chose, et chaque mois serait clôturé deux fois : modifiez celle-là (UpdateSchedule), ou donnez un autre nom à celle-ci si c’est voulu
SCHEDULE_MAKER_MAY_NOT = la dernière personne à avoir modifié la clôture programmée n’a plus le droit de créer et de clôturer des cycles ici : faites-la enregistrer de nouveau par quelqu’un qui en a le droit (UpdateSchedule), et commencez ce mois à la main (BeginScheduleRun)
SCHEDULE_BEGAN = { $month } a commencé ; c’était prévu le { $due }
SCHEDULE_LEFT_OUT =
    { $months ->
        [one] { $months } mois précédent a été manqué il y a plus de { $most } mois et n’est pas clôturé automatiquement : clôturez-le à la main si vous le souhaitez
       *[other] { $months } mois précédents ont été manqués il y a plus de { $most } mois et ne sont pas clôturés automatiquement : clôturez-les à la main si vous le souhaitez
    }
SCHEDULE_LOOKED =
    examen : { $people ->
        [one] { $people } personne concernée
       *[other] { $people } personnes concernées
    }, { $accounts ->
        [one] { $accounts } compte
       *[other] { $accounts } comptes
    } avec { $records ->
        [one] { $records } enregistrement
       *[other] { $records } enregistrements
    } autour du mois, { $findings ->
        [0] rien d’anormal
        [one] { $findings } constat ({ $kinds })
       *[other] { $findings } constats ({ $kinds })
    }
    .everybody =
        examen : tout le groupe est concerné, { $accounts ->
            [one] { $accounts } compte
           *[other] { $accounts } comptes
        } avec { $records ->
            [one] { $records } enregistrement
           *[other] { $records } enregistrements
        } autour du mois, { $findings ->
            [0] rien d’anormal
            [one] { $findings } constat ({ $kinds })
           *[other] { $findings } constats ({ $kinds })
        }
SCHEDULE_WAITS = rien n’est clôturé avant le { $until } : arrêtez l’exécution si quelque chose doit d’abord être rectifié
SCHEDULE_WOULD_FAIL = en l’état, la clôture sera refusée : { $why } ; ce qui arrive d’ici là compte
SCHEDULE_MAY_FAIL = en l’état, la clôture sera refusée si cela est attribué à quelqu’un de l’unité : { $why } ; ce qui arrive d’ici là compte
SCHEDULE_AWAITS_RUN = attend un calcul d’attribution du { $from } au { $to } sur cette unité ou une unité supérieure, commencé une fois ces jours passés : lancez-en un là (StartAttributionRun), ou clôturez-y un cycle
    .early = attend un calcul d’attribution du { $from } au { $to } sur cette unité ou une unité supérieure : le plus récent, { $run }, a commencé avant que ces jours soient passés : lancez-en un autre là (StartAttributionRun)
    .differs = attend un calcul d’attribution du { $from } au { $to } sur cette unité ou une unité supérieure : le plus récent, { $run }, a une autre politique que cette clôture programmée : lancez-en un selon la politique de celle-ci (StartAttributionRun), ou modifiez la clôture programmée (UpdateSchedule)
    .part = attend un calcul d’attribution du { $from } au { $to } sur cette unité ou une unité supérieure : le plus récent, { $run }, ne porte que sur une partie de ce qui est clôturé : lancez-en un sur l’ensemble (StartAttributionRun)
SCHEDULE_SCORES_FROM = note à partir du calcul d’attribution { $run }
SCHEDULE_CLOSES = a créé le cycle { $cycle } et le clôture
    .again = clôture de nouveau le cycle { $cycle }, qui n’avait pas abouti
SCHEDULE_DONE =
    clôturé : { $people ->
        [one] { $people } personne a une fiche
       *[other] { $people } personnes ont une fiche
    }, sur { $records ->
        [one] { $records } enregistrement
       *[other] { $records } enregistrements
    }, { $nobody ->
        [one] { $nobody } n’est attribué à personne
       *[other] { $nobody } ne sont attribués à personne
    }, { $findings ->
        [one] { $findings } constat
       *[other] { $findings } constats
    } ; examinez le résultat, et publiez-le s’il est juste
SCHEDULE_FAILED = n’a pas abouti : { $why }
SCHEDULE_AGAIN = recommencé à la main
SCHEDULE_STOPPED = arrêté à la main
SCHEDULE_DELETED = arrêté, car la clôture programmée a été supprimée
SCHEDULE_CYCLE_CANCELLED = la clôture du cycle a été annulée
OBSERVATION_WITHOUT_MEASURE = measure est vide : indiquez le nom de la mesure, tel que les barèmes l’emploient
OBSERVATION_WITHOUT_SUBJECT = rien n’indique sur quoi elle porte : indiquez une personne, une unité, un compte, une boutique ou une campagne
    .id =
        l’ID { $kind ->
            [person] de la personne
            [unit] de l’unité
           *[account] du compte
        } n’en est pas un : indiquez-le tel que les listes le donnent
OBSERVATION_SUBJECT_UNKNOWN =
    { $kind ->
        [person] aucune personne { $key } n’est connue : corrigez l’indication, ou importez d’abord cette personne
        [unit] aucune unité { $key } n’existe à ces dates ni maintenant, et personne n’y a jamais travaillé : corrigez l’unité, corrigez les jours si elle a été fermée avant, ou importez-la d’abord
        [account] aucun compte { $key } n’est connu : corrigez l’indication, ou importez d’abord ce compte
       *[store] aucun compte d’une boutique { $key } n’est connu : corrigez l’indication, ou importez d’abord ce compte
    }
OBSERVATION_UNIT_CLOSED = l’unité { $unit } a été fermée, et son dernier jour était le { $last } : arrêtez les jours à cette date, ou corrigez l’unité
    .into = l’unité { $unit } a été fermée, son dernier jour était le { $last }, et son personnel a rejoint { $into } : arrêtez les jours à cette date, et envoyez pour cette dernière ce qui a été observé ensuite
    .later = l’unité { $unit } commence le { $from } : corrigez les jours ou l’unité
OBSERVATION_RESERVED = « { $measure } » est observée par la suite elle-même : retirez-la, ou donnez un autre nom à la mesure
OBSERVATION_UNIT_NOT_HERE =
    unit_id indique qui mène une campagne, et ceci porte sur { $kind ->
        [person] une personne
        [unit] une unité
        [account] un compte
       *[store] une boutique
    } : retirez-le
OBSERVATION_WITHOUT_TIME = il faut soit un instant (at), soit un premier jour et, s’il y en a plusieurs, un dernier (from, to) : indiquez l’un ou l’autre
    .date = { $field } n’est pas une date : écrivez-la sous la forme 2026-03-31
OBSERVATION_BACKWARDS = se termine le { $to }, avant de commencer le { $from } : corrigez l’une des deux dates
OBSERVATION_TOO_LONG = porte sur la période du { $from } au { $to }, et aucune observation ne porte sur plus de { $most } jours : corrigez les jours
OBSERVATION_TIME_IMPLAUSIBLE = { $field } n’est pas compris entre les années { $first } et { $last } : vérifiez l’année
OBSERVATION_WITHOUT_NUMBER = « { $text } » n’est pas un nombre décimal à six décimales au plus : corrigez-le
OBSERVATION_OUT_OF_RANGE = la valeur dépasse { $most } en plus ou en moins : vérifiez l’unité
OBSERVATION_DIFFERENT = { $name } existe déjà avec { $other } de { $source }, et c’est ici { $value } de { $of } : envoyez une révision supérieure si c’est ceci qui compte
OBSERVATION_WITHDRAWN = { $name } a été retiré ({ $why }) : ne l’envoyez pas, ou envoyez une révision supérieure pour le rétablir
SCHEME_WITHOUT_INDICATORS = il faut au moins un indicateur
NAME_TWICE = « { $name } » figure deux fois
WEIGHTS_NOT_HUNDRED = la somme des poids est de { $sum } et non de 100 : modifiez-les pour qu’elle soit exactement de 100
WEIGHT_NOT_POSITIVE = { $weight } n’est pas supérieur à zéro : retirez l’indicateur
MEASURE_TOO_LARGE = la mesure « { $column } » de l’enregistrement { $record } de { $account } est de { $value }, ce qui est trop grand pour le calcul : 9000000000000 au maximum en plus ou en moins ; corrigez l’enregistrement, ou retirez l’indicateur du barème
    .row = { $text } est trop grand pour le calcul : { $most } au maximum en plus ou en moins
MEASURE_TOO_LARGE_CURE = corrigez le nombre, ou retirez de scheme.yaml l’indicateur qui mesure la colonne
MEASURE_UNKNOWN = « { $measure } » n’est ni une mesure intégrée (credited_records, first_reply_within_30s, resolved, rating_at_least_4, amount) ni une colonne numérique des enregistrements
BOUNDS_OF_NOTHING = le barème n’a pas d’indicateur « { $kpi } » : écrivez la clé de l’un des siens
BOUNDS_BACKWARDS = le minimum, { $min }, dépasse le maximum, { $max } : inversez-les
BOUNDS_WITHOUT_OWN = le barème lui-même a { $own }, qui n’est pas compris entre { $min } et { $max } : élargissez les limites pour qu’il le soit
BOUNDS_EXTRA = { $most } n’est pas supérieur à 0 et inférieur à 100
REFINED_BEYOND = { $value } sort de ce que le standard « { $standard } » permet : de { $min } à { $max }
    .target = le standard « { $standard } » permet un nombre de { $min } à { $max }
REFINED_FIXED = le standard « { $standard } » fixe cela : écrivez ce qu’il contient
    .value = le standard « { $standard } » fixe { $fixed }, et non { $value }
REFINED_DEFINITION = le standard « { $standard } » fixe ce qu’est « { $measure } » : copiez sa définition telle quelle
    .column = le standard « { $standard } » prend « { $measure } » dans la colonne de ce nom : donnez un autre nom à la définition
    .extra = le standard « { $standard } » admet « { $measure } » tel que le catalogue le définit : retirez la définition, et elle en sera copiée
REFINED_MEASURE = « { $kpi } » du standard « { $standard } » mesure { $measure } : mesurez cela, ou donnez à cet indicateur sa propre clé
WEIGHT_BOUND_TWICE = indiquez soit weight, from et to, soit weight_within, l’écart admis en plus ou en moins : pas les deux
WEIGHT_BOUND_BELOW_0 = un écart en plus ou en moins s’indique par un nombre supérieur ou égal à 0
WEIGHT_BOUND_TOO_LARGE = c’est plus que ce qui peut être calculé : indiquez 100 au maximum
REFINED_LEFT_OUT = « { $kpi } » manque, et le standard « { $standard } » ne permet pas de l’omettre
REFINED_EXTRA = « { $kpi } » n’est pas un indicateur du standard « { $standard } », qui n’en admet aucun en plus des siens
REFINED_EXTRA_MEASURE = « { $measure } » ne fait pas partie de ce que peuvent mesurer les indicateurs ajoutés à ceux du standard « { $standard } » : { $measures }
REFINED_EXTRA_SHARE = les indicateurs ajoutés à ceux du standard « { $standard } » pèsent { $sum }, et il admet { $most } au maximum pour l’ensemble
SCHEME_PARENT_NOT_ABOVE = un barème décline celui du groupe ou d’une unité supérieure à la sienne : indiquez-en un tel, ou aucun
SCHEME_WITHDRAWN = le barème « { $name } » n’est plus en vigueur à partir du { $from } : prenez-en un autre, ou créez-en un sous un autre nom
    .version = la version { $version } de « { $name } » n’est plus en vigueur à partir du { $from } : prenez une autre version
    .version_none = la version { $version } de « { $name } » n’est plus en vigueur à partir du { $from }, et aucune autre ne l’est alors : prenez un autre barème, ou faites rédiger une nouvelle version
    .version_for = la version { $version } de « { $name } » n’est plus en vigueur à partir du { $from } : prenez la version { $instead }
    .parent = la version de « { $name } » que le barème décline n’est plus en vigueur depuis le { $from } : déclinez une autre version, ou un autre barème
    .parent_none = la version de « { $name } » que le barème décline n’est plus en vigueur depuis le { $from }, et aucune autre ne l’est non plus : déclinez un autre barème, ou aucun
    .parent_for = la version de « { $name } » que le barème décline n’est plus en vigueur depuis le { $from } : déclinez la version { $version }
SCHEME_WITHDRAWN_ALREADY = cela n’est déjà plus en vigueur à partir du { $from }
SCHEME_NOT_INSTEAD = la version { $version } ne peut pas la remplacer : indiquez une autre version du barème qui soit en vigueur, et seulement si une seule version est retirée
SCHEME_IMPORTED = le barème vient de { $region } et s’y rédige : modifiez-le là-bas et importez de nouveau le fichier
SCHEME_OF_A_UNIT = le barème appartient à une unité et reste dans sa région : exportez un barème du groupe
STANDARD_DIFFERS = la version { $version } de « { $name } » existe ici avec un autre contenu : les versions ne changent jamais, demandez donc à l’instance qui le rédige laquelle est la bonne
    .withdrawal = « { $name } » n’est plus en vigueur ici à partir d’un autre jour : demandez à l’instance qui le rédige lequel est le bon
STANDARD_NOT_FROM = le barème n’est pas rédigé par l’instance de { $region } : importez le fichier de l’instance qui le rédige
SCHEME_NAME_TAKEN = le groupe a ici un autre barème nommé « { $name } » : donnez un autre nom au standard là où il est rédigé
SCHEME_NAME_UNKNOWN = le groupe n’a pas ici de barème nommé « { $name } » : ListSchemes en donne les noms
STANDARD_IMPORTED = « { $name } » de { $region } : la version { $version } est la plus récente, nouvelles : { $written }, inchangées : { $unchanged }
STANDARD_MANDATORY = un barème doit ici décliner l’un des standards obligatoires : indiquez comme parent l’un d’eux : { $standards }
TARGET_MISSING = il faut un nombre ou team_median
TARGET_NOT_POSITIVE = { $target } n’est pas supérieur à zéro
FLOOR_NOT_BELOW_CAP = le plancher { $floor } n’est pas inférieur au plafond { $cap }
SMALL_SAMPLE_NOT_HERE = seuls les taux et les moyennes peuvent être ramenés vers la moyenne
QUOTAS_NOT_WHOLE = la somme des quotas doit être exactement de 1000000 millionièmes
BANDS_OUT_OF_ORDER = écrivez les tranches en commençant par la meilleure, une moins bonne n’ayant jamais plus de points
BANDS_NOT_HERE = les tranches ne vont qu’avec forced_distribution
GRADES_OUT_OF_ORDER = écrivez les niveaux en commençant par le meilleur, chacun avec un min_score plus bas
GRADES_MIXED = donnez un min_score à chaque niveau, ou un quota à chaque niveau
MEASURE_OF_EXPECTED = indiquez d’où la mesure est tirée : record, observation, ratio, sum, repeat, trend ou team
AGGREGATION_EXPECTED = indiquez comment les valeurs se réduisent à une seule, par une agrégation que cette version connaît
OBSERVED_OF_EXPECTED = indiquez sur quoi porte l’observation : une personne, une unité, un compte, une boutique ou une campagne
MEASURES_DEFINED_TOO_MANY = un barème définit { $most } mesures au maximum : retirez celles qu’aucun indicateur n’utilise
MEASURE_BUILT_IN = « { $name } » est une mesure intégrée : donnez un autre nom à la définition
MEASURE_VALID_BACKWARDS = le premier jour, { $from }, est postérieur au dernier, { $to } : inversez-les
MEASURE_VALUE_MISSING = il faut une valeur des enregistrements : first_reply_seconds, duration_seconds, resolved, rating, amount, ou une colonne de nombres
MEASURE_OF_RESOLVED = resolved vaut oui ou non : prenez-en la proportion, ou comptez les enregistrements
MEASURE_COLUMN_UNKNOWN = « { $column } » n’est pas une colonne numérique des enregistrements
MEASURE_TEST_MISSING = il faut un seuil : at_most, at_least, below, above ou equal
MEASURE_TEST_NOT_HERE = un seuil va avec une proportion, ou avec un nombre d’enregistrements ou de clients selon une valeur : retirez-le
MEASURE_HOURS_EMPTY = la plage horaire commence et finit à la même heure : retirez-la pour compter toute la journée
MEASURE_HOURS_NOT_HERE = seules des secondes peuvent être comptées dans une plage horaire, celles de first_reply_seconds ou duration_seconds : comptez les enregistrements qui commencent pendant cette plage
MEASURE_SESSION_TOO_LONG = une session a des pauses de { $most } minutes au maximum
MEASURE_SESSION_NOT_HERE = une somme prend chaque enregistrement, et les clients ne sont de toute façon comptés qu’une fois : retirez la session
MEASURE_ADDS_NOT_UP = « { $measure } » n’est ni un nombre ni une somme, on ne peut donc ni diviser par cette mesure ni la diviser : indiquez-en une qui s’additionne
MEASURE_SUM_EMPTY = il faut au moins une mesure à additionner
MEASURE_FACTOR_ZERO = un facteur de 0 supprime la mesure : retirez-la
MEASURE_COUNT_EXPECTED = « { $measure } » n’est pas un nombre d’enregistrements que le barème définit : une répétition se cherche parmi les enregistrements
MEASURE_DAYS_BEYOND = une répétition se cherche sur 1 à { $most } jours
MEASURE_PART_UNKNOWN = « { $measure } » n’est ni définie dans le barème ni intégrée : définissez-la aussi, ou corrigez le nom
MEASURE_OF_ITSELF = « { $measure } » est calculée à partir d’elle-même : retirez-la de ce qui sert à la calculer
MEASURE_NAME_RESERVED = les noms qui commencent par « { $prefix } » sont réservés aux mesures communes à tous : choisissez un autre nom
MEASURE_NAME_TAKEN = il existe déjà une mesure nommée « { $name } » : modifiez-la, ou choisissez un autre nom
MEASURE_NAME_FIXED = la mesure s’appelle « { $name } » et garde ce nom : définissez-en une autre sous le nouveau nom, et mettez celle-ci hors service
MEASURE_RETIRED = hors service dans le catalogue : { $measures }. Indiquez une autre mesure, définissez-en une de ce nom dans le barème lui-même, ou remettez-la en service (UpdateMeasure)
MEASURE_RETIRED_ALREADY = « { $name } » est déjà hors service
MEASURE_NEEDED = d’autres mesures du catalogue sont calculées à partir de « { $name } » et ne seraient plus valables : modifiez-les ou mettez-les d’abord hors service : { $by }
SUPPLIED_MEASURE =
    { $key ->
        [first_reply_seconds] Secondes jusqu’à la première réponse
        [presale_first_reply_within_30s] Première réponse en 30 s avant-vente
        [aftersale_resolved] Résolus après-vente
        [handling_seconds] Secondes par conversation
        [rating] Note du client
        [solved] Enregistrements résolus
        [customers] Clients
        [buyers] Clients acheteurs
        [orders] Commandes
        [presale_records] Enregistrements avant-vente
        [conversion] Conversion
        [order_value] Valeur d’une commande
        [repeat_purchase_30d] Nouvel achat dans les 30 jours
        [second_conversion_7d] Conversion dans les 7 jours suivant un premier contact
        [complaints] Réclamations
        [complaint_rate] Taux de réclamation
       *[other] { $key }
    }
SCHEME_TEMPLATE_UNKNOWN = il n’y a pas de barème de départ nommé « { $name } » : choisissez parmi { $names }
TEMPLATE_TITLE =
    { $name ->
        [agent] Agents du service client
        [operations] Exploitation des boutiques
       *[service-manager] Responsables du service client
    }
TEMPLATE_ABOUT =
    { $name ->
        [agent] Pour les personnes qui servent les clients : travail accompli, première réponse, résolution, note, conversion, contrôles de qualité et ponctualité
        [operations] Pour les personnes qui gèrent des boutiques : visiteurs, conversion, ventes de campagne, coût d’une commande et croissance, le tout par observation ; aucun enregistrement de service n’est nécessaire
       *[service-manager] Pour les personnes qui encadrent des agents, selon quatre dimensions : qualité du service, équipe, activité et innovation
    }
NOBODY_TO_SCORE = il n’y a personne à noter : la période ne contient aucun enregistrement attribué
PERSON_TWICE = la personne { $person } figure deux fois
SCHEME_WITHOUT_DATA = aucun indicateur n’a pu être noté pour personne, faute de données, ou parce que la médiane qui servirait de cible n’est pas supérieure à zéro (chaque fiche indique le cas)
SCHEME_WITHOUT_DATA_CURE = choisissez des indicateurs et des cibles adaptés aux enregistrements
MEASURE_NOT_SENT =
    personne n’a de données pour « { $measure } », son indicateur ne compte donc pour personne : { $what ->
        [records] il n’y a aucun enregistrement des types et des heures qu’elle examine
        [known] envoyez { $column } avec les enregistrements de service
       *[column] envoyez la colonne { $column } avec les enregistrements de service
    }
    .observation = personne n’a de données pour « { $measure } », son indicateur ne compte donc pour personne : envoyez-en des observations pour la période
    .past = personne n’a de valeur antérieure de « { $of } », l’indicateur de « { $measure } » ne compte donc pour personne : il comptera une fois publié un cycle précédent de ce barème, sur une période de même longueur
    .team = personne n’a de données pour « { $measure } », son indicateur ne compte donc pour personne : personne dans une équipe encadrée n’a de données pour { $of }
OBSERVATIONS_BEYOND_PERIOD =
    { $count ->
        [one] une observation de « { $measure } » dépasse
       *[other] { $count } observations de « { $measure } » dépassent
    } la période du { $from } au { $to } et { $count ->
        [one] ne compte pas
       *[other] ne comptent pas
    } : une observation compte dans une période qui contient tous ses jours
OBSERVATIONS_UNREAD =
    { $count ->
        [one] une observation de « { $measure } » dans la période ne compte pas
       *[other] { $count } observations de « { $measure } » dans la période ne comptent pas
    } : aucun indicateur de ce barème ne lit la mesure, ni aucun indicateur d’un autre barème en vigueur
    .near =
        { $count ->
            [one] une observation de « { $measure } » dans la période ne compte pas
           *[other] { $count } observations de « { $measure } » dans la période ne comptent pas
        } : aucun indicateur de ce barème ne lit la mesure, ni aucun indicateur d’un autre barème en vigueur (vouliez-vous dire { $near } ?)
INDICATOR_TOO_LARGE = l’indicateur { $indicator } ne compte pour personne, car la valeur de { $people } est trop grande pour le calcul
    .apart = l’indicateur { $indicator } ne compte pour personne, car ses valeurs sont trop éloignées les unes des autres pour le calcul
INDICATOR_TOO_LARGE_CURE = vérifiez la devise et l’unité des montants et des mesures, ou retirez l’indicateur de scheme.yaml
NUMBER_TOO_LARGE = le score de la personne { $person } est trop grand pour le calcul : examinez les planchers et les plafonds du barème
    .grades = les quotas des niveaux sont trop grands pour le calcul : réduisez-les
    .unit = les valeurs de l’unité { $unit } sont trop grandes pour le calcul : examinez les fiches de ses membres
    .pool = l’argent ou les parts de l’enveloppe sont trop grands pour le calcul : examinez le montant et la règle
    .part = les poids de la partie { $place } de l’enveloppe sont trop grands pour le calcul : examinez les scores et la règle
    .person = le score de la personne { $person } est trop grand pour le calcul dans la partie { $place } de l’enveloppe : examinez le score et la règle
CARD_MEASURE =
    { $measure ->
        [credited_records] Enregistrements attribués
        [first_reply_within_30s] Première réponse en 30 s
        [resolved] Résolus
        [rating_at_least_4] Note d’au moins 4 sur 5
        [amount] Montant des ventes
       *[other] { $kpi }
    }
CARD_DEFINED = { $name } ({ $what })
CARD_VALUE =
    { $kind ->
        [records] { $value } enregistrements
        [customers] { $value } clients
        [percent] { $value } %
        [own] { $value } { $unit }
        [standard]
            { $value } { $unit ->
                [points] points
               *[currency] { $unit }
            }
       *[bare] { $value }
    }
CARD_LINE_DROPPED =
    { $name } : { $why ->
        [nobody] personne n’a de données dans la période, l’indicateur est donc écarté pour tous
        [person] il n’y a pas de données de cette personne, l’indicateur est donc écarté ici
        [too_large] la valeur est trop grande pour le calcul, l’indicateur est donc écarté pour tous
        [past] il n’y a pas de valeur antérieure autre que 0 à laquelle comparer cette personne, l’indicateur est donc écarté ici
        [too_large_elsewhere] la valeur de quelqu’un d’autre est trop grande pour le calcul, ou les valeurs du groupe sont trop éloignées, l’indicateur est donc écarté pour tous
       *[target] la médiane qui servirait de cible n’est pas supérieure à zéro, l’indicateur est donc écarté
    }, et son poids de { $weight } est réparti sur les autres indicateurs en proportion.
CARD_AGAINST = { $value }, comparé à { $past }
CARD_PAST = { $measure } de { $values }
CARD_PAST_VALUE = { $value } du { $from } au { $to }
CARD_LINE_NOT_SCORED = { $name } : non noté.
CARD_LINE =
    { $name } : { $measured }{ $filled } ; { $points }{ $limit ->
        [cap] { " " }(le plafond)
        [floor] { " " }(le plancher)
       *[none] { "" }
    } ; multiplié par le poids de { $weight } %{ $spread ->
        [yes] { " " }({ $scheme_weight } dans le barème, plus une part de ce que les indicateurs écartés ont laissé)
       *[no] { "" }
    }, cela donne { $weighted }.
CARD_MEASURED = { $value } sur { $records } enregistrements
CARD_NOT_MEASURED = non mesuré
CARD_SMALL_SAMPLE = { "\u00A0" }; en dessous de { $below } enregistrements, ceux qui manquent comptent comme la moyenne ({ $group }), ce qui donne { $adjusted }
CARD_POINTS_BY_TARGET =
    par rapport à la cible de { $target } ({ $basis ->
        [scheme] fixée par le barème
        [team] médiane des { $people } personnes de l’équipe
       *[group] médiane de l’ensemble des { $people } personnes, l’équipe étant trop petite
    }), cela fait { $points } points
CARD_POINTS_BY_PLACE =
    { $by ->
        [target] d’après la cible
        [min_max] d’après la place entre le plus mauvais et le meilleur résultat du groupe
        [percentile] d’après le pourcentage du groupe qui ne fait pas mieux
        [t_score] d’après l’écart à la moyenne du groupe en écarts-types
       *[band] d’après la tranche correspondant à la place dans le groupe
    }, cela fait { $points } points
CARD_CHANGE =
    { $kind ->
        [rate_more] { $step } point de pourcentage de plus
        [rate_less] { $step } point de pourcentage de moins
        [records_more] { $step } enregistrement attribué de plus
        [records_fewer] { $step } enregistrement attribué de moins
        [more] { $amount } de plus
       *[less] { $amount } de moins
    }
CARD_NEXT =
    { $effect ->
        [capped] { $change } n’apporterait rien : le plafond est atteint.
        [nothing] { $change } à lui seul n’apporterait rien.
       *[points] { $change } apporterait { $gain } points.
    }
CARD_SUMMARY = Score { $score }, rang { $rank } sur { $of }{ $grade }{ $collaboration }.
CARD_GRADE = , niveau { $grade }
CARD_COLLABORATION = { "\u00A0" }; dont { $points } points pour la collaboration : { $outside } des { $credited } enregistrements étaient en dehors du planning ou de l’équipe de la personne
DEFINED =
    { $what }{ $few ->
        [yes] , à partir de { $min_count }
       *[no] { "" }
    }{ $valid ->
        [between] , du { $from } au { $to }
        [from] , à partir du { $from }
        [to] , jusqu’au { $to }
       *[ever] { "" }
    }
DEFINED_RECORDS =
    { $aggregation ->
        [mean] moyenne : { $value }
        [sum] somme : { $value }
        [share] pourcentage d’enregistrements avec { $value } { $test }
        [count] nombre d’enregistrements
        [count_of] nombre d’enregistrements avec { $value } { $test }
        [distinct] nombre de clients
       *[distinct_of] nombre de clients des enregistrements avec { $value } { $test }
    }{ $kinds }{ $hours }{ $session }
DEFINED_VALUE =
    { $value ->
        [first_reply_seconds] les secondes jusqu’à la première réponse
        [duration_seconds] les secondes du début à la fin
        [resolved] le problème résolu
        [rating] la note du client
        [amount] le montant des ventes
       *[column] { $value }
    }
DEFINED_GIVEN = indiqué
DEFINED_TEST =
    { $is ->
        [at_most] { $threshold } au maximum
        [at_least] { $threshold } au minimum
        [below] en dessous de { $threshold }
        [above] au-dessus de { $threshold }
       *[equal] égal à { $threshold }
    }
DEFINED_KINDS = , du type { $kinds }
DEFINED_HOURS =
    , { $counts ->
        [begun] commencé
       *[inside] en comptant le temps
    } de { $from } à { $to }
DEFINED_SESSION =
    , le premier de chaque session aux pauses de { $minutes ->
        [one] { $minutes } minute
       *[other] { $minutes } minutes
    } au maximum
DEFINED_OBSERVATION =
    { $aggregation ->
        [sum] la somme
        [mean] la moyenne
       *[last] la dernière valeur
    } de ce qui a été observé pour { $subject ->
        [person] la personne
        [unit] l’unité organisationnelle
        [account] le compte
        [store] la boutique
       *[campaign] la campagne
    }
DEFINED_RATIO =
    { $of } / { $per }{ $percent ->
        [yes] { " " }en pourcentage
       *[no] { "" }
    }
DEFINED_SUM = la somme de { $parts }
DEFINED_PART = { $factor } × { $of }
DEFINED_REPEAT =
    le pourcentage de { $of } dont le client avait eu { $after } dans { $days ->
        [one] le { $days } jour précédent
       *[other] les { $days } jours précédents
    }
DEFINED_TREND = l’écart en pourcentage de { $of } par rapport au passé de la personne
DEFINED_TEAM =
    { $aggregation ->
        [mean] la moyenne de { $of } dans l’équipe telle qu’elle était chaque jour
        [share] le pourcentage de l’équipe, telle qu’elle était chaque jour, avec { $of } { $test }
       *[sum] la somme de { $of } dans l’équipe telle qu’elle était chaque jour
    }
CARD_CHANGED = Avant : { $before } Maintenant : { $after }
CARD_CAME = Il y a maintenant une fiche : { $after }
CARD_WENT = Il n’y a plus de fiche. Avant : { $before }
CARD_CREDITED_CHANGED = Enregistrements attribués : { $before } avant ; { $after } maintenant.
CARD_LINE_CHANGED = { $name } : { $before } avant ; { $after } maintenant.
CARD_LINE_CAME = { $name } : compte maintenant : { $after }.
CARD_LINE_WENT = { $name } : ne compte plus : { $before } avant.
CARD_STANDING = { $measured }, { $points } points, avec le poids de { $weight } % { $weighted }
    .dropped = { $measured }, non noté
CARD_WORKED_OUT_ANEW = Le score est le même ; il a été recalculé à partir d’autres nombres.
LADDER_REFUND = { $refund } est un remboursement de { $sale } : il suit l’attribution de cet enregistrement et en diminue le montant
LADDER_BEGAN =
    Commencé le { $at } sur { $account }, { $phase ->
        [shared] un compte partagé ce jour-là
        [mixed] ce jour-là en passage de partagé à nominatif
       *[named] un compte nominatif ce jour-là
    }.
LADDER_TAG_NONE = Étiquette : la plateforme n’a désigné personne.
LADDER_TAG_UNKNOWN = Étiquette : la plateforme a désigné « { $agent } », qui ne correspond à aucune personne en emploi ce jour-là, ou à plusieurs.
LADDER_TAG = Étiquette : la plateforme a désigné « { $agent } », c’est-à-dire { $person } : l’enregistrement lui revient.
LADDER_NAMED_WITHOUT = Sur un compte nominatif, seules comptent les étiquettes et les passations, et il n’y avait ni l’une ni l’autre : attribué à personne.
LADDER_DUTY_NONE = Service : personne ne détenait le compte ni n’était en service à ce moment-là.
LADDER_DUTY = Service : { $list }.
LADDER_DUTY_ANSWERED = Service au moment de la réponse : { $list }.
    .unheld = Service : personne ne détenait le compte ni n’était en service au début ; au moment de la réponse, { $list }.
LADDER_ON_DUTY =
    { $person } { $rule ->
        [handover] le détenait par passation
        [roster] y était au planning
        [punch] de son équipe avait pointé
       *[team] est de son équipe
    }, de { $from } à { $to } [{ $evidence }]
LADDER_SHARES = { $before }, { $share }
LADDER_BY_SESSION = Un autre enregistrement de la session du même client désigne son agent, celui-ci suit donc : { $shares }.
LADDER_BY_TAG = Attribué par l’étiquette : { $shares }.
LADDER_BY_HANDOVER = Une seule personne détenait le compte par passation : { $shares }.
LADDER_SOLE = Une seule personne était en service : { $shares }.
LADDER_INFERRED = Plusieurs personnes étaient en service ; leurs occupations sur d’autres enregistrements et leur façon de travailler les distinguent : { $shares }.
LADDER_EQUAL = Plusieurs personnes étaient en service et il y a trop peu d’éléments pour les distinguer, elles partagent donc à parts égales : { $shares }.
LADDER_TEAM = Rien n’indique qui était en service sur le compte, son équipe partage donc : { $shares }.
LADDER_NOBODY = Il n’est donc attribué à personne.
LADDER_CONTRIBUTORS = Contributeurs : { $list }.
LADDER_CONTRIBUTOR =
    { $role ->
        [first_answer] a répondu en premier
        [closer] a conclu la vente
       *[after_sales] a assuré l’après-vente
    } : « { $agent } », c’est-à-dire { $person }
LADDER_CONTRIBUTOR_UNKNOWN =
    { $role ->
        [first_answer] a répondu en premier
        [closer] a conclu la vente
       *[after_sales] a assuré l’après-vente
    } : « { $agent } », qui ne correspond à aucune personne en emploi ce jour-là, ou à plusieurs
LADDER_SPLIT = Attribué par rôle, selon la règle « { $version } » : première réponse { $first_answer }, conclusion { $closer }, après-vente { $after_sales } ; la part d’un rôle que personne n’a tenu va aux autres en proportion : { $shares }.
LADDER_BY_SPLIT = Attribué par rôle : { $shares }.
LADDER_BY_CLAIM = Il a été revendiqué d’un clic : { $shares }.
LADDER_CLICKED = { $person } a cliqué le { $at }.
LADDER_BY_DEVICE = Il a été servi sur l’appareil { $device }, qui appartenait alors à une seule personne : { $shares }.
LADDER_BY_REPLIES = Plusieurs personnes étaient en service, chacune avec plusieurs conversations à la fois ; les heures des réponses les distinguent : { $shares }.
LADDER_BY_TAG_SHARE = Plusieurs personnes étaient en service, chacune avec plusieurs conversations à la fois ; elles partagent comme les enregistrements proches dans le temps qui désignent leur agent : { $shares }.
LADDER_NOT_SPLIT = La politique ne donne aucune part aux rôles désignés : l’enregistrement est attribué comme s’il ne désignait pas de contributeurs.
LADDER_WORTH = Sur ce compte, on s’attend à ce qu’environ { $now } des enregistrements soient attribués à quelqu’un d’autre ; environ { $breaks } si les pauses sont pointées, environ { $devices } avec des appareils pour 30 % des réponses, environ { $claims } si la moitié des enregistrements est revendiquée. C’est une estimation d’après les doutes de ce mois, non une promesse.
WHY = { $first } ({ $part } %) plutôt que { $second } ({ $rest } %) : { $what }.
WHY_AGAINST =
    { $why } { $sign ->
        [hands] La pause depuis la dernière réponse parlait pour { $second }.
        [thread] La conversation jusque-là parlait pour { $second }.
        [profile] Le type de réponse parlait pour { $second }.
       *[device] L’appareil parlait pour { $second }.
    }
WHY_SOMEBODY = quelqu’un d’autre
WHY_SECONDS =
    { $count ->
        [one] { $count } seconde
       *[other] { $count } secondes
    }
WHY_MINUTES =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
WHY_HOURS =
    { $count ->
        [one] { $count } heure
       *[other] { $count } heures
    }
WHY_DAYS =
    { $count ->
        [one] { $count } jour
       *[other] { $count } jours
    }
WHY_HANDS = { $one }, { $other }
    .short = { $one }, { $other }, à peine le temps d’une autre réponse
    .usual = { $one }, { $other }, et une telle pause est plus habituelle chez { $first }
WHY_WROTE = la dernière réponse de { $who } remontait à { $pause }
WHY_NOT_YET = { $who } avait pris son service { $pause } plus tôt et n’avait pas encore répondu
WHY_THREAD = { $first } avait probablement répondu à ce client { $pause } plus tôt
WHY_PROFILE = { $first } répond plus souvent que { $second } aux clients qui ont attendu { $wait }
    .first = { $first } donne plus souvent que { $second } la première réponse aux clients qui ont attendu { $wait }
    .again = { $first } écrit plus souvent que { $second } une nouvelle fois { $wait } après une réponse, sans nouveau message du client
    .unasked = { $first } écrit plus souvent que { $second } à des clients qui n’ont pas encore écrit
WHY_WAIT =
    { $class ->
        [0] moins de 5 minutes
        [1] de 5 à 20 minutes
        [2] de 20 à 60 minutes
        [3] de 1 à 4 heures
        [4] de 4 à 24 heures
       *[other] plus d’un jour
    }
WHY_DEVICE = l’appareil sur lequel elle a été écrite est celui de { $first }
    .same = { $first } avait probablement écrit auparavant sur le même appareil
WHY_DUTY = sur ses { $all } réponses, { $first } était en service lors de { $count }, { $second } lors de { $other }
WHY_NAMES = parmi les enregistrements à moins d’une heure qui désignent leur agent et pendant lesquels chacun était en service, { $first } en a { $count } sur { $all } et { $second } { $other } sur { $others }
    .all = parmi les enregistrements du compte qui désignent leur agent et pendant lesquels chacun était en service, { $first } en a { $count } sur { $all } et { $second } { $other } sur { $others }
WHY_TOGETHER = aucun signe ne décide seul, mais toutes les réponses voisines ensemble
WHY_TOO_FEW_REPLIES = Rien ne les distingue : trop peu d’enregistrements du compte ont des heures de réponse dont on puisse tirer quelque chose.
WHY_TOO_DENSE = Rien ne les distingue : sur ce compte, les réponses sont trop rapprochées pour leurs seules heures, et trop peu d’enregistrements portent un nom, sont revendiqués ou écrits sur des appareils connus.
WHY_CLOCK_WITHOUT_SECONDS = Rien ne les distingue : les heures des réponses du compte n’ont pas de secondes fiables.
WHY_NO_REPLY_TIMES = Rien ne les distingue : chaque personne peut mener plusieurs conversations à la fois, et on ne connaît aucune réponse à celle-ci qui ait été écrite pendant leur service.
CREDIT_ACCOUNT_UNKNOWN =
    { $records ->
        [one] { $records } enregistrement d’un compte que la gestion des temps ne connaît pas a été écarté
       *[other] { $records } enregistrements d’un compte que la gestion des temps ne connaît pas ont été écartés
    }
CREDIT_UNKNOWN_AGENT =
    { $records ->
        [one] { $records } enregistrement désigne l’agent « { $agent } », qui ne correspond à aucune personne en emploi ce jour-là, ou à plusieurs : il compte comme sans nom
       *[other] { $records } enregistrements désignent l’agent « { $agent } », qui ne correspond à aucune personne en emploi ces jours-là, ou à plusieurs : ils comptent comme sans nom
    }
CREDIT_NO_EVIDENCE =
    aucun planning, pointage ni passation : son équipe partage { $records ->
        [one] { $records } enregistrement
       *[other] { $records } enregistrements
    }
CREDIT_NOBODY_ON_DUTY =
    { $records ->
        [one] { $records } enregistrement est arrivé alors que personne n’était en service : attribué à personne
       *[other] { $records } enregistrements sont arrivés alors que personne n’était en service : attribués à personne
    }
CREDIT_TAG_OFF_DUTY =
    { $records ->
        [one] { $records } enregistrement désigne
       *[other] { $records } enregistrements désignent
    } { $person }, qui n’était pas en service à ce moment-là : c’est le nom qui compte
CREDIT_NAMED_WITHOUT_AGENT =
    { $records ->
        [one] { $records } enregistrement d’un compte nominatif ne désigne personne : attribué à personne, sauf par passation
       *[other] { $records } enregistrements d’un compte nominatif ne désignent personne : attribués à personne, sauf par passation
    }
CREDIT_MIXED_WITHOUT_TAG =
    { $records ->
        [one] { $records } enregistrement d’un compte mixte ne désigne personne : attribué comme sur un compte partagé
       *[other] { $records } enregistrements d’un compte mixte ne désignent personne : attribués comme sur un compte partagé
    }
CONTRIBUTOR_UNKNOWN =
    { $records ->
        [one] { $records } contribution est de « { $agent } », qui ne correspond à aucune personne en emploi ce jour-là, ou à plusieurs : sa part va aux autres contributeurs
       *[other] { $records } contributions sont de « { $agent } », qui ne correspond à aucune personne en emploi ces jours-là, ou à plusieurs : leurs parts vont aux autres contributeurs
    }
CREDIT_CONTRIBUTOR_OFF_DUTY =
    { $records ->
        [one] { $records } enregistrement désigne comme contributeur { $person }, qui n’était pas en service quand il a commencé
       *[other] { $records } enregistrements désignent comme contributeur { $person }, qui n’était pas en service quand ils ont commencé
    } : c’est le nom qui compte
CREDIT_CONTRIBUTORS_NOT_SPLIT =
    { $records ->
        [one] { $records } enregistrement désigne des contributeurs, et la politique ne donne aucune part à leurs rôles : ils sont conservés, et l’enregistrement est attribué comme s’il n’en désignait aucun
       *[other] { $records } enregistrements désignent des contributeurs, et la politique ne donne aucune part à leurs rôles : ils sont conservés, et les enregistrements sont attribués comme s’ils n’en désignaient aucun
    }
CREDIT_TOO_FEW_TO_INFER =
    { $records ->
        [one] { $records } enregistrement avait plusieurs personnes en service, trop peu pour une déduction : partagé à parts égales
       *[other] { $records } enregistrements avaient plusieurs personnes en service, trop peu nombreux pour une déduction : partagés à parts égales
    }
CREDIT_DID_NOT_SETTLE = la déduction sur { $records } enregistrements ne s’est pas stabilisée : partagés à parts égales
CREDIT_SEVERAL_AT_ONCE =
    { $records ->
        [one] { $records } enregistrement avait plusieurs personnes en service qui mènent plusieurs conversations à la fois : partagé à parts égales
       *[other] { $records } enregistrements avaient plusieurs personnes en service qui mènent plusieurs conversations à la fois : partagés à parts égales
    }
CREDIT_TOO_FEW_REPLIES =
    { $records ->
        [one] { $records } enregistrement avec les heures de ses réponses, c’est trop peu
       *[other] { $records } enregistrements avec les heures de leurs réponses, c’est trop peu par personne
    } pour distinguer des personnes qui mènent plusieurs conversations à la fois : partage à parts égales entre celles en service à chaque réponse
CREDIT_REPLIES_TOO_DENSE =
    { $records ->
        [one] { $records } enregistrement vient
       *[other] { $records } enregistrements viennent
    } d’un compte où les réponses sont si rapprochées que leurs seules heures ne distinguent pas les personnes, et moins d’un dixième des réponses indiquent de qui elles sont : partage à parts égales entre les personnes en service à chaque réponse
CREDIT_EVIDENCE_UNEVEN =
    { $records ->
        [one] { $records } enregistrement n’indique pas de qui il est
       *[other] { $records } enregistrements n’indiquent pas de qui ils sont
    }, sur un compte où certaines personnes signent, revendiquent ou écrivent sur des appareils connus une part bien plus grande de leurs enregistrements que d’autres, { $person } le moins : pondéré par ce que chacun laisse sans indication
    .equal =
        { $records ->
            [one] { $records } enregistrement n’indique pas de qui il est
           *[other] { $records } enregistrements n’indiquent pas de qui ils sont
        }, sur un compte où certaines personnes revendiquent ou écrivent sur des appareils connus une part bien plus grande de leurs enregistrements que d’autres, { $person } le moins : partage à parts égales, ce qui est trop peu pour { $person } si cette personne travaille autant que les autres
CREDIT_CLOCK_WITHOUT_SECONDS =
    plus d’un dixième des réponses { $records ->
        [one] de { $records } enregistrement tombe
       *[other] de { $records } enregistrements tombe
    } sur une minute pleine, leur horloge n’est donc pas fiable : partage à parts égales entre les personnes en service à chaque réponse
CREDIT_CLAIM_OFF_DUTY =
    { $person } a revendiqué { $records ->
        [one] { $records } conversation sans être en service : la revendication ne compte pas
       *[other] { $records } conversations sans être en service : les revendications ne comptent pas
    }
CREDIT_CLAIM_WITHOUT_RECORD =
    { $person } a revendiqué { $records ->
        [one] { $records } conversation dont il n’existe pas d’enregistrement : la revendication ne compte pas
       *[other] { $records } conversations dont il n’existe pas d’enregistrement : les revendications ne comptent pas
    }
CREDIT_CLAIMS_DIFFER =
    { $person } a revendiqué { $record } le { $at }, et { $second } l’avait revendiqué le { $before } : aucune des deux revendications ne décide{ $more ->
        [0] { "" }
        [one] . Il en va de même pour { $more } autre enregistrement de ce jour
       *[other] . Il en va de même pour { $more } autres enregistrements de ce jour
    }
    .tag =
        { $person } a revendiqué { $record } le { $at }, et la plateforme a désigné { $second } : c’est le nom qui compte{ $more ->
            [0] { "" }
            [one] . Il en va de même pour { $more } autre enregistrement de ce jour
           *[other] . Il en va de même pour { $more } autres enregistrements de ce jour
        }
CREDIT_DEVICE_OFF_DUTY =
    l’appareil { $device } de { $person }, qui n’était alors pas en service, a été utilisé { $records ->
        [one] une fois
       *[other] { $records } fois
    } : il ne compte pas
    .there =
        l’appareil { $device } de { $person }, qui était alors en service pour { $place }, a été utilisé { $records ->
            [one] une fois
           *[other] { $records } fois
        } : il ne compte pas
    .elsewhere =
        l’appareil { $device } de quelqu’un qui n’a jamais été en service ici a été utilisé { $records ->
            [one] une fois
           *[other] { $records } fois
        } : il ne compte pas
DEVICE_BOUND_TO_SEVERAL = à partir du { $from }, l’appareil { $device } appartient à plusieurs personnes ou places à la fois : il est conservé, et ce qui y est écrit n’indique alors rien
    .ever = l’appareil { $device } appartient depuis le début à plusieurs personnes ou places à la fois : il est conservé, et ce qui y est écrit n’indique alors rien
CREDIT_DEVICE_OF_SEVERAL =
    l’appareil { $device } appartient en même temps à { $more ->
        [0] { $first } et à { $second }
        [one] { $first }, à { $second } et à { $more } autre personne
       *[other] { $first }, à { $second } et à { $more } autres personnes
    }, et a été utilisé { $records ->
        [one] une fois
       *[other] { $records } fois
    } : il ne compte pas
    .beyond =
        l’appareil { $device } appartient à { $person } et en même temps à quelqu’un qui n’a jamais été en service ici, et a été utilisé { $records ->
            [one] une fois
           *[other] { $records } fois
        } : il ne compte pas
    .unknown =
        l’appareil { $device } appartient à plusieurs personnes à la fois, et a été utilisé { $records ->
            [one] une fois
           *[other] { $records } fois
        } : il ne compte pas
DEVICE_OF_NOBODY =
    { $devices ->
        [one] l’appareil { $device }, qui n’est rattaché à personne, a été utilisé
       *[other] { $devices } appareils qui ne sont rattachés à personne, par exemple { $device }, ont été utilisés
    } { $records ->
        [one] une fois
       *[other] { $records } fois
    } : cela indique seulement ce que les mêmes mains ont écrit
    .near =
        l’appareil { $device }, qui n’est rattaché à personne, a été utilisé { $records ->
            [one] une fois
           *[other] { $records } fois
        }, et { $near }, qui est rattaché, jamais : est-ce celui-là qu’il faut comprendre ?
    .seat =
        l’appareil { $device } de la place { $seat } a été utilisé { $records ->
            [one] une fois
           *[other] { $records } fois
        } alors que personne n’était au planning sur cette place : il n’était alors à personne
    .ended =
        l’appareil { $device } a été utilisé { $records ->
            [one] une fois
           *[other] { $records } fois
        } après le { $to }, dernier jour de son rattachement : il n’était alors à personne
    .coming =
        l’appareil { $device } a été utilisé { $records ->
            [one] une fois
           *[other] { $records } fois
        } avant le { $from }, premier jour de son rattachement : il n’était alors à personne
EVIDENCE_NOT_READ = la version { $version } de la politique ne tient pas compte des revendications, des appareils ni des heures des messages. Pour le mois, le compte a : revendications, { $claims } ; enregistrements avec les heures des messages, { $replies } ; appareils que les enregistrements ou les messages indiquent, { $devices }
CREDIT_REPLY_OUTSIDE_RECORD =
    { $records ->
        [one] { $records } réponse se situe avant le début ou après la fin de son enregistrement : elle ne compte pas
       *[other] { $records } réponses se situent avant le début ou après la fin de leur enregistrement : elles ne comptent pas
    }
BREAKS_NOT_PUNCHED =
    { $days ->
        [one] { $days } journée de travail
       *[other] { $days } journées de travail
    } de { $people ->
        [one] { $people } personne
       *[other] { $people } personnes
    } en service sans interruption, avec deux heures ou plus sans presque rien à leur actif pendant que d’autres travaillaient. Si les pauses étaient pointées, environ { $breaks } des enregistrements du compte seraient vraisemblablement attribués à quelqu’un d’autre, au lieu d’environ { $now }
CREDIT_CLOCKS_APART =
    les messages de { $records ->
        [one] { $records } enregistrement
       *[other] { $records } enregistrements
    } suivent une horloge en avance de { $minutes } min { $seconds } s sur celle des enregistrements : ils sont lus d’autant plus tôt
    .behind =
        les messages de { $records ->
            [one] { $records } enregistrement
           *[other] { $records } enregistrements
        } suivent une horloge en retard de { $minutes } min { $seconds } s sur celle des enregistrements : ils sont lus d’autant plus tard
AMOUNTS_CONVERTED =
    les montants de { $records ->
        [one] { $records } enregistrement
       *[other] { $records } enregistrements
    } ont été convertis de { $from } en { $to }, chacun au taux de son jour local et arrondi une seule fois : { $rates }{ $more ->
        [0] { "" }
       *[other] { " " }et { $more } de plus
    }
REFUND_EXCEEDS_SALE =
    il a été remboursé plus { $sales ->
        [one] pour une vente que ce qu’elle a rapporté, et elle compte
       *[other] pour { $sales } ventes que ce qu’elles ont rapporté, et elles comptent
    } en dessous de zéro : { $named }{ $more ->
        [0] { "" }
       *[other] { " " }et { $more } de plus
    }
REGION_SAME = un transfert va vers une autre région que { $region }
REPORT_NOT_A_MONTH = un rapport porte sur un mois civil, et le cycle va du { $from } au { $to } : créez un cycle d’un mois
NOTHING_TO_TELL = on ne peut rien communiquer d’aucune unité : chacune compte moins de cinq personnes, ou une différence en révélerait moins de cinq
TRANSFER_NOT_PREPARED =
    le transfert n’est plus en préparation, son état est : { $stage ->
        [prepared] préparé
        [approved] approuvé
        [released] transmis
        [withdrawn] retiré
       *[rejected] rejeté
    }
TRANSFER_NOT_APPROVED = le transfert attend l’approbation de quelqu’un d’autre
TRANSFER_DROPPED =
    le transfert a été { $stage ->
        [withdrawn] retiré
       *[rejected] rejeté
    } : préparez-en un autre
TRANSFER_RELEASED = le transfert a déjà été transmis : ce qui a été communiqué ne peut pas être repris
TRANSFER_STALE = un autre rapport sur le mois a été transmis entre-temps, et les deux ensemble révéleraient moins de cinq personnes : préparez-le de nouveau
TRANSFER_MALFORMED = ce n’est pas le fichier attendu ici, ou il n’est pas complet : envoyez le fichier entier tel que ReleaseTransfer ou ExportStandard l’a fourni
TRANSFER_SIGNATURE_WRONG = le fichier n’est pas signé par l’instance de { $region } : il a été altéré, ou sa nouvelle clé publique manque ici
REGION_KEY_UNKNOWN = aucune clé publique de { $region } n’est connue ici : placez son performance.pub dans le dossier de clés sous regions/{ $region }.pub
TRANSFER_OF_ANOTHER_GROUP = le fichier est celui d’un autre groupe
TRANSFER_ALREADY_EXISTS = le fichier a déjà été importé
TRANSFER_KIND_EXPECTED = indiquez ce qui doit être transféré : un rapport ou l’annuaire

## Compensation

CYCLE_NOT_PUBLISHED = les scores peuvent encore changer : publiez d’abord le cycle
    .report = le cycle n’est pas publié : les rapports ne donnent que ce qui est définitif
    .correct = le cycle n’est pas publié, il n’y a donc rien à corriger : clôturez-le de nouveau, et il prendra ce qui compte maintenant
RESULT_VERSION_UNKNOWN = le cycle n’a pas cette version de son résultat, ou aucune n’était publiée à ce moment-là : demandez ses versions avec ListCardVersions
VERSION_TWICE = indiquez une version ou un instant, pas les deux
CYCLE_CORRECTION_UNDERWAY = la correction { $cycle } de ce cycle n’est pas publiée et indique un autre motif ou une autre version du barème : refaites la demande avec ce qu’elle indique pour la recalculer, publiez-la (PublishCycle), ou abandonnez-la (CancelCycle) et refaites la demande
CORRECTION_CHANGES_NOTHING = toutes les fiches sont telles qu’elles ont été publiées, il n’y a donc rien à publier : abandonnez la correction (CancelCycle) ; une fois rectifié un élément sur lequel le cycle repose, demandez-la de nouveau
ACCOUNTS_EXPECTED = indiquez au moins un compte, et { $most } au maximum
ACCOUNT_UNKNOWN_HERE = il n’y a pas de compte { $account } sur lequel vous puissiez interroger : cherchez l’ID avec ListAccounts
UNIT_UNKNOWN_HERE = il n’y a pas d’unité { $unit } dans le périmètre pour lequel le calcul est lancé : cherchez l’ID avec ListOrgUnits, ou faites lancer le calcul pour une unité supérieure
ACCOUNTS_OR_SCHEME = soit des comptes, soit un barème, pas les deux : retirez l’un ou l’autre
POOL_WITHOUT_PEOPLE = l’enveloppe n’a personne à payer : le cycle ne contient aucune fiche de score de l’unité de l’enveloppe
POOL_OUTSIDE_CYCLE = une enveloppe appartient à l’unité de son cycle ou à une unité inférieure : indiquez une telle unité, ou aucune pour l’unité du cycle
PAY_OUTSIDE_UNIT =
    { $count } { $count ->
        [one] personne a
       *[other] personnes ont
    } une fiche dans le cycle sans appartenir à l’unité de l’enveloppe au dernier jour du cycle : { $people }. Une unité paie son propre personnel : clôturez le cycle avec une population qui exclut les autres
    .correction =
        { $count } { $count ->
            [one] personne a
           *[other] personnes ont
        } une fiche dans le cycle sans appartenir à l’unité de l’enveloppe au dernier jour du cycle : { $people }. Une unité paie son propre personnel : corrigez d’abord le cycle (CorrectCycle), puis refaites le brouillon de cette correction
POOL_NEGATIVE = une enveloppe ne peut pas être négative : indiquez un montant de 0 ou plus ; une enveloppe ne permet pas de reprendre de l’argent
ZERO_SCORES = aucun score n’est supérieur à zéro, il n’y a donc aucune règle de répartition : examinez d’abord les fiches du cycle
PART_WITHOUT_CLAIM = la partie { $place } de l’enveloppe ne va à personne : aucun score n’atteint un palier avec un poids, ou son plancher ; modifiez la règle de cette partie
SETTLEMENT_NOT_DRAFT =
    le règlement est { $stage ->
        [draft] un brouillon
        [approved] approuvé
        [posted] comptabilisé
       *[discarded] abandonné
    }, ce n’est pas un brouillon
SETTLEMENT_NOT_APPROVED =
    le règlement est { $stage ->
        [draft] un brouillon
        [approved] approuvé
        [posted] comptabilisé
       *[discarded] abandonné
    } ; seul un règlement approuvé peut être comptabilisé
SETTLEMENT_POSTED = un règlement comptabilisé ne change plus jamais : faites-en un brouillon de correction, et le prochain règlement paie la différence
SETTLEMENT_NOT_POSTED =
    le règlement est { $stage ->
        [draft] un brouillon
        [approved] approuvé mais pas comptabilisé
       *[discarded] abandonné
    }, et seul un règlement comptabilisé se corrige : abandonnez-le et refaites un brouillon
PAY_CORRECTION_WAITS = la correction { $correction } du règlement attend son approbation : approuvez-la ou retirez-la d’abord
NOTHING_TO_CORRECT = d’après les fiches telles qu’elles sont maintenant, chacun reçoit ce que le règlement et ses corrections ont donné : corrigez d’abord le cycle, ou il n’y a rien à rectifier
PAY_CORRECTION_NOT_DRAFT =
    la correction est { $stage ->
        [approved] approuvée
       *[withdrawn] retirée
    }, ce n’est plus un brouillon
DELTAS_WAIT_NOW = ce qui est en attente est donné tel qu’il est maintenant : retirez known_at, ou waiting_only
CORRECTION_REASON_MISSING = indiquez le motif : chaque relevé l’affiche
POOL_THERE = l’enveloppe { $pool } de ce cycle a le même nom, le même montant et la même règle : réglez celle-là, ou donnez un autre nom à celle-ci s’il y a une seconde fois autant d’argent
POOL_PAID = un règlement de l’enveloppe { $pool } est déjà comptabilisé, et une enveloppe n’est payée qu’une fois : abandonnez les autres, et créez une autre enveloppe, d’un autre nom, s’il y a encore de l’argent à verser
CARRY_MOVED = depuis ce brouillon, un autre règlement a été comptabilisé, ou une correction approuvée, ce qui a déplacé les centimes restants : refaites le brouillon
DELTA_SCORE = le score a été rectifié de { $old } à { $new }
DELTA_AGAINST =
    { $by ->
        [fell] le score de la personne a été rectifié de { $old } à { $new }, mais ceux des autres ont baissé davantage, ensemble de { $others_old } à { $others_new } : la part de l’enveloppe a donc augmenté
        [rose] le score de la personne a été rectifié de { $old } à { $new }, mais ceux des autres ont monté davantage, ensemble de { $others_old } à { $others_new } : la part de l’enveloppe a donc diminué
        [less] le score de la personne a été rectifié de { $old } à { $new }, et ceux des autres ensemble de { $others_old } à { $others_new } : selon la règle de l’enveloppe, la part a tout de même diminué
       *[more] le score de la personne a été rectifié de { $old } à { $new }, et ceux des autres ensemble de { $others_old } à { $others_new } : selon la règle de l’enveloppe, la part a tout de même augmenté
    }
DELTA_ADDED = un score de { $score } a été ajouté
DELTA_REMOVED = le score de { $score } a été repris
DELTA_OTHERS = les scores des autres ont été rectifiés, et l’enveloppe se répartit entre tous
POOL_WITHOUT_PARTS = il faut au moins une partie
SHARES_NOT_WHOLE = la somme des parts est de { $sum } millionièmes, et non exactement de 1000000
PART_OF_NOTHING = une partie de rien : retirez-la
PART_RULE_MISSING = indiquez comment cette partie est répartie : tiers, proportional ou team_fund
PART_WITHOUT_TIERS = il faut au moins un palier
TIERS_OUT_OF_ORDER = écrivez les paliers en commençant par le meilleur, chacun avec un min_score plus bas
TIERS_MIXED = donnez un min_score à chaque palier, ou un quota à chaque palier
TIERS_WITHOUT_WEIGHT = tous les poids sont nuls, personne ne pourrait donc rien recevoir
TIER_WEIGHTS_OUT_OF_ORDER = un palier moins bon pèse plus qu’un meilleur
STATEMENT_AMOUNT =
    { $paid } pour un score de { $score } : { $than ->
        [less] { $difference } de moins que
        [same] autant que
       *[more] { $difference } de plus que
    } les { $equal } qu’une répartition égale aurait versés.
STATEMENT_WITHOUT_TIER = Partie { $number } ({ $share } de l’enveloppe, { $part }), par paliers : le score n’atteint aucun palier, donc { $amount }.
STATEMENT_TIER_WITHOUT_WEIGHT = Partie { $number } ({ $share } de l’enveloppe, { $part }), par paliers : le palier { $tier } n’a pas de poids, donc { $amount }.
STATEMENT_NOT_ABOVE_FLOOR = Partie { $number } ({ $share } de l’enveloppe, { $part }), en proportion du score : il ne dépasse pas { $floor }, donc { $amount }.
STATEMENT_PART = Partie { $number } ({ $share } de l’enveloppe, { $part }), { $claim } sur { $sum } en tout ; { $major } × { $weight } / { $sum } = { $rounded }{ $carried } ; donc { $amount }.
STATEMENT_BY_TIER = par paliers : le palier { $tier } pèse { $weight }
STATEMENT_ABOVE_FLOOR = en proportion du score au-dessus de { $floor } : { $points } points
STATEMENT_BY_SCORE = en proportion du score : { $points } points
STATEMENT_EXACT = { $whole } exactement
STATEMENT_ROUNDED =
    { $whole } et { $fraction } de { $smallest } ; { $came ->
        [yes] l’une des { $units } unités restantes de { $smallest } est venue ici
       *[no] aucune des { $units } unités restantes de { $smallest } n’est venue ici
    }
STATEMENT_CARRIED = { "\u00A0" }; reporté d’avant { $before }, à reporter { $after }

## The bundle: what is said of files, rows and settings. A reason and its cure are two cells of rejected.csv

UNUSABLE = { $file } : { $problem }. { $cure }.
SEVERAL_PROBLEMS = { $problems }
REASON_ALSO = { $reason } ; de plus, { $column } : { $more }
AND_MORE_ROWS =
    { $count } { $count ->
        [one] autre ligne de ce fichier a été rejetée
       *[other] autres lignes de ce fichier ont été rejetées
    }
AND_MORE_ROWS_CURE = corrigez d’abord les lignes ci-dessus : les autres échouent le plus souvent pour les mêmes raisons
AND_MORE_FINDINGS = et d’autres du même type
FIRST_REJECTED = ligne { $line }{ $column } : { $reason } ({ $cure })
FIRST_REJECTED_COLUMN = , colonne { $column }
EVERY_ROW_REJECTED = { "\u00A0" }; toutes les lignes ont été rejetées : { $first }
ROWS_REJECTED =
    { $count ->
        [one] { "\u00A0" }; { $count } ligne a été rejetée : { $first }
       *[other] { "\u00A0" }; { $count } lignes ont été rejetées, dont la première : { $first }
    }
HINT_NEAR = { "\u00A0" }; vouliez-vous dire { $near } ?
HINT_MEANT = { " " }(vouliez-vous dire { $near } ?)
HINT_MEANT_AS = { " " }(vouliez-vous dire { $near } pour { $column } ?)
HINT_THERE_IS = { " " }(il existe { $near })
NO_FOLDER = impossible de le lire comme un dossier ({ $error })
NO_FOLDER_CURE = indiquez le dossier qui contient people.csv, accounts.csv et records.csv
MISSING_FILE = il manque dans { $folder }{ $hints }
MISSING_FILE_CURE = ajoutez le fichier sous ce nom exact ; docs/bundle.md décrit chaque fichier
NOT_A_FILE = ce n’est pas un fichier
NOT_A_FILE_CURE = mettez un fichier CSV ou YAML à sa place
UNREADABLE = il est illisible ({ $error })
UNREADABLE_CURE = vérifiez le fichier et ses droits d’accès
UNKNOWN_FILE = rien ne lit ce fichier{ $hint }
EMPTY_OPTIONAL_FILE = le fichier est vide et a été ignoré
THE_PERIOD = la période
PERIOD_BACKWARDS_CURE = inversez --from et --to
PERIOD_HALF = l’une de ses deux extrémités manque
PERIOD_HALF_CURE = indiquez à la fois --from et --to, ou aucun des deux
PERIOD_OF_DAYS = la période a { $days } jours, et { $most } au maximum se clôturent à la fois
PERIOD_OF_DAYS_CURE = clôturez-la en plusieurs parties
TEAM_WITHOUT_PEOPLE = personne dans people.csv n’appartient à son équipe { $team }
BRANCH_WITHOUT_PEOPLE = personne dans people.csv n’appartient à cette succursale
TOO_LARGE_SETTINGS = il dépasse 1 MiB
TOO_LARGE_SETTINGS_CURE = des paramètres tiennent sur une page de texte : vérifiez que c’est le bon fichier qui porte ce nom
NOT_VALID_TEXT = ce n’est pas un texte valide
NOT_VALID_TEXT_CURE = enregistrez-le en UTF-8
ZERO_BYTES = il contient des octets nuls, qu’aucun fichier CSV ou YAML ne contient
ZERO_BYTES_CURE = exportez-le de nouveau en CSV et en UTF-8 (un fichier de tableur n’est pas un fichier CSV)
UNKNOWN_ENCODING = son texte n’est ni en UTF-8, ni en UTF-16, ni en GBK (on dirait du { $encoding })
BAD_YAML = ce n’est pas du YAML valide : { $cause } (l’analyseur indique « { $said } »)
    .at = ce n’est pas du YAML valide à la ligne { $line }, colonne { $column } : { $cause } (l’analyseur indique « { $said } »)
YAML_KEY_TWICE = la clé { $key } figure deux fois
    .lines = la clé { $key } figure deux fois, à la ligne { $first } et à la ligne { $second }
YAML_TAB = une tabulation se trouve là où seules des espaces sont admises
YAML_NOT_CLOSED = un crochet, une accolade ou un guillemet ouvert n’est pas fermé
YAML_NO_VALUE = une valeur y est attendue
YAML_BAD_START = aucune valeur ne commence par ce signe : mettez le texte entre guillemets
YAML_SIGN = un texte qui commence par &, * ou « ! » est une référence ou une étiquette : mettez-le entre guillemets
YAML_ESCAPE = une barre oblique inverse entre guillemets doubles commence un caractère spécial : doublez-la, ou prenez des guillemets simples
YAML_STRUCTURE = une clé, un deux-points ou un retrait n’y a pas sa place
YAML_OTHER = la lecture y est impossible
BAD_YAML_CURE = corrigez le YAML à cet endroit : deux espaces par niveau, une espace après chaque deux-points
YAML_KEY_TWICE_CURE = gardez celle qui est voulue et supprimez l’autre
YAML_NUMBER_TOO_LARGE = un nombre est trop grand pour être lu (l’analyseur indique : « { $said } »)
YAML_NUMBER_TOO_LARGE_CURE = écrivez un nombre plus petit
YAML_UNSEEN = la ligne { $line } contient le caractère { $character }, que personne ne voit
YAML_UNSEEN_CURE = supprimez ce caractère, ou saisissez de nouveau la ligne
INVALID_SETTINGS_CURE = corrigez ces valeurs ; docs/bundle.md contient des exemples

## The bundle: tables

EMPTY_FILE = il est vide
EMPTY_FILE_CURE = remplissez-le : sa première ligne est { $header }
NOT_CSV = ce n’est pas un fichier CSV avec un en-tête : { $why }
NOT_CSV_CURE = exportez-le en CSV ; sa première ligne est { $header }
    .named = supprimez la ligne avec `sep=`, ou enregistrez de nouveau le fichier avec un seul séparateur
NOT_CSV_NO_END = sa première ligne n’a pas de fin, ou un guillemet n’y est pas fermé
NOT_CSV_NO_TEXT = sa première ligne n’est pas du texte
NOT_CSV_NO_COLUMN = sa première ligne ne nomme aucune des colonnes
    .named_not = sa première ligne indique `sep={ $named }`, et l’en-tête en dessous est séparé par `{ $sign }`
    .named_not_tab = sa première ligne indique `sep={ $named }`, et l’en-tête en dessous est séparé par des tabulations
CONVERTED_ENCODING = lu en { $encoding } et converti en UTF-8
SEPARATED_BY_TAB = les colonnes sont séparées par une tabulation
SEPARATED_BY_SIGN = les colonnes sont séparées par le signe { $sign }
SEPARATED_BY_SEMICOLON = les colonnes sont séparées par un point-virgule
LINE_TOO_LONG = la ligne dépasse 1 MiB
LINE_TOO_LONG_CURE = vérifiez où sa fin de ligne s’est perdue
TOO_MANY_CELLS = elle a { $cells } cellules, l’en-tête en a { $columns }
TOO_MANY_CELLS_CURE = mettez entre guillemets doubles une cellule qui contient une virgule ou un guillemet
NOT_TEXT_IN_ENCODING = elle contient des octets qui ne sont pas du texte dans l’encodage du fichier
UNSEEN_CHARACTER = elle contient le caractère { $character }, que personne ne voit
UNSEEN_CHARACTER_CURE = supprimez-le : saisissez de nouveau la cellule, ou nettoyez la colonne dans le programme qui l’exporte
OPEN_QUOTE = un guillemet y ouvre une cellule qui n’est pas fermée à sa place
OPEN_QUOTE_CURE = doublez les guillemets à l’intérieur d’une cellule, comme dans "écran 5"""
UNBALANCED_QUOTES = ses guillemets ne vont pas par paires à de très nombreux endroits, en dernier à la ligne { $line }
UNBALANCED_QUOTES_CURE = exportez-le de nouveau en CSV : les guillemets à l’intérieur d’une cellule sont doublés
COLUMN_TWICE = la colonne { $column } figure deux fois
    .names = la colonne { $column } figure deux fois, sous les noms « { $one } » et « { $other } »
COLUMN_TWICE_CURE = gardez-en une, ou donnez un autre nom à l’autre
MISSING_COLUMNS = son en-tête n’a pas la colonne { $columns }{ $hints }
MISSING_COLUMNS_CURE = ajoutez-la ; un en-tête complet est { $header }
MISSING_KIND_CURE = ajoutez-la ; un en-tête complet est { $header } ; ou écrivez `punches: alternating` ou `punches: first_last` dans group.yaml
MISSING_COLUMN = cette colonne n’existe pas : considérée comme vide dans chaque ligne
UNKNOWN_COLUMN = rien ne lit cette colonne{ $hint }
EQUAL_ROWS = les lignes identiques n’ont été prises qu’une fois ({ $count } écartées)

## The bundle: cells

IT_IS_EMPTY = elle est vide
IT_IS_EMPTY_CURE = remplissez-la
TOO_MANY_CHARACTERS = elle dépasse { $most } caractères
TOO_MANY_CHARACTERS_CURE = raccourcissez-la
TOO_MANY_MEASURES = la ligne a plus de { $most } mesures en plus des colonnes connues
TOO_MANY_MEASURES_CURE = retirez les colonnes que rien ne mesure
NO_TIME_ZONE = « { $text } » n’est pas un fuseau horaire
NO_TIME_ZONE_CURE = écrivez un nom IANA tel que Asia/Shanghai
STANDS_FOR_NO_VALUE = « { $text } » signifie l’absence de valeur
STANDS_FOR_NO_VALUE_CURE = écrivez l’ID ; s’il n’y en a pas, retirez la ligne
FORMULA_FAILED = « { $text } » est ce qu’un tableur affiche quand une formule a échoué, pas une valeur
FORMULA_FAILED_CURE = corrigez la formule, ou exportez la colonne depuis sa source ; ne laissez la cellule vide que s’il n’y a pas de valeur
NEITHER_YES_NOR_NO = « { $text } » n’est ni oui ni non
NEITHER_YES_NOR_NO_CURE = écrivez true, false, 1, 0, yes, no, 是 ou 否, ou laissez vide
NO_SMALL_COUNT = « { $text } » n’est pas un nombre entier de 1 à 1000
NO_SMALL_COUNT_CURE = écrivez un tel nombre
IT_IS_NEGATIVE = c’est un nombre négatif
IT_IS_NEGATIVE_CURE = écrivez un nombre à partir de 0, ou laissez vide
NUMBER_ABOVE_RANGE = { $text } est trop grand
NUMBER_ABOVE_RANGE_CURE = écrivez un nombre de 0 à { $most }, ou laissez vide si cela n’a pas été mesuré
NO_NUMBER = « { $text } » n’est pas un nombre
    .comma = « { $text } » contient une virgule, et les nombres ont un point et aucun séparateur de milliers quand group.yaml ne contient pas `numbers`
    .exponent = « { $text } » contient un exposant, ce que les nombres n’ont pas
NO_NUMBER_CURE = écrivez des chiffres avec un point, par exemple 12.5, ou laissez vide si cela n’a pas été mesuré
    .needed = écrivez des chiffres avec un point, par exemple 12.5, ou retirez la ligne
NEGATIVE_AMOUNT = le montant { $text } est négatif
NEGATIVE_AMOUNT_CURE = écrivez un remboursement sur une ligne à part, avec un montant négatif et, dans refers_to, l’external_id de la vente, ou laissez la cellule vide
NO_AMOUNT = « { $text } » n’est pas un montant
NO_AMOUNT_CURE = écrivez des chiffres avec un point, par exemple 1234.50, sans symbole monétaire, ou indiquez dans group.yaml comment les nombres s’écrivent : `numbers: { "{" }decimal: ".", grouping: ","{ "}" }` pour 1,234.50, `numbers: { "{" }decimal: ",", grouping: "."{ "}" }` pour 1.234,50
    .yaml = écrivez des chiffres avec un point, par exemple 1234.50, sans symbole monétaire ni séparateur de milliers
AMOUNT_DECIMALS = { $text } a plus de décimales que { $currency } n’en a ({ $digits })
    .told = { $text } a plus de décimales que { $currency } n’en a ({ $digits }) : group.yaml indique que « { $sign } » précède les décimales
AMOUNT_DECIMALS_CURE = arrondissez-le à la plus petite unité de la devise ou, si 1.234 veut dire mille deux cent trente-quatre, indiquez-le dans group.yaml : `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
    .either = écrivez { $whole } ou { $decimal }, selon ce qui est voulu
    .round = arrondissez-le à la plus petite unité de la devise
    .whole = écrivez { $whole } si c’est ce qui est voulu, ou arrondissez-le à la plus petite unité de la devise
HUGE_AMOUNT = le montant { $text } est trop élevé
HUGE_AMOUNT_CURE = vérifiez l’unité : il s’agit de l’unité principale
NO_DATE = « { $text } » n’est pas une date
NO_DATE_CURE = écrivez année-mois-jour, par exemple 2026-03-02
NO_TIME = « { $text } » n’est pas une heure
NO_TIME_CURE = écrivez 2026-03-02 09:00:00, ou avec un décalage 2026-03-02T09:00:00+08:00
TIME_BEYOND_RANGE = l’heure est hors des limites admises
TIME_BEYOND_RANGE_CURE = vérifiez l’année
TIME_SKIPPED = { $time } n’a pas existé dans { $zone } : les horloges sont passées de { $before } à { $after }
TIME_SKIPPED_CURE = écrivez l’heure avec son décalage, par exemple { $time }{ $offset }
THAT_ZONE = ce fuseau horaire
MAY_BE_GROUPED = « { $text } » peut être un nombre décimal ou un nombre avec séparateur de milliers
GROUPED_BY_SPACE = « { $text } » a des espaces entre ses chiffres
GROUPED_BY_SPACE_CURE = retirez-les, ou indiquez dans group.yaml comment les nombres s’écrivent : `numbers: { "{" }decimal: ",", grouping: space{ "}" }` pour 1 234,50, `numbers: { "{" }decimal: ".", grouping: space{ "}" }` pour 1 234.50
MAY_BE_GROUPED_CURE = indiquez dans group.yaml comment les nombres s’écrivent, par exemple `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
NOT_AS_GROUP_YAML = « { $text } » n’est pas écrit comme group.yaml indique d’écrire les nombres
NOT_AS_GROUP_YAML_CURE = écrivez « { $decimal } » avant les décimales et aucun séparateur de milliers, ou corrigez `numbers` dans group.yaml
    .grouped = écrivez « { $decimal } » avant les décimales et « { $grouping } » entre les milliers, ou corrigez `numbers` dans group.yaml
    .spaced = écrivez « { $decimal } » avant les décimales et une espace entre les milliers, ou corrigez `numbers` dans group.yaml

## The bundle: people, accounts, aliases

SHORTENED_NUMBER = { $text } est un nombre qu’un tableur a réduit à ses premiers chiffres
EXPORT_AS_TEXT = exportez la colonne en tant que texte
EMPTY_SEGMENT = « { $text } » a un segment vide
EMPTY_SEGMENT_CURE = écrivez le chemin avec des barres obliques simples, la succursale d’abord, par exemple East/Chat/Team 1
TOO_DEEP = elle a { $depth } niveaux d’unités
TOO_DEEP_CURE = indiquez { $most } unités au maximum, la succursale d’abord
EMPLOYMENT_BACKWARDS = l’emploi se termine le { $left }, avant de commencer le { $hired }
EMPLOYMENT_BACKWARDS_CURE = corrigez les dates ; left_on est le dernier jour de travail
NO_PEOPLE = il ne désigne personne{ $why }
NO_PEOPLE_CURE = ajoutez une ligne pour chaque personne
NAMES_DIFFER = les lignes { $lines } ont le matricule { $number } et diffèrent par le nom
NAMES_DIFFER_CURE = donnez à chaque personne son propre matricule, ou écrivez le nom de la même façon dans toutes les lignes du matricule
ZONES_DIFFER = les lignes { $lines } ont le matricule { $number } et diffèrent par le fuseau horaire
ZONES_DIFFER_CURE = écrivez le fuseau horaire de la même façon dans toutes les lignes du matricule : une personne en a un seul
EMPLOYMENTS_OVERLAP = les lignes { $lines } ont le matricule { $number } et se chevauchent : { $one } et { $other }
EMPLOYMENTS_OVERLAP_CURE = gardez une ligne par personne, ou donnez à chaque emploi ses propres jours : left_on est le dernier
DAYS = du { $from } au { $to }
TWO_LINES = { $one } et { $other }
NO_END = sans fin
MOVED = { $before } jusqu’au { $until } ; { $after } à partir du { $from }
NO_ACCOUNTS = il ne désigne aucun compte{ $why }
NO_ACCOUNTS_CURE = ajoutez une ligne pour chaque compte de plateforme
ACCOUNT_ROWS_DIFFER = les lignes de ce compte diffèrent par zone, team ou exclusive
ACCOUNT_ROWS_DIFFER_CURE = écrivez-les de la même façon dans toutes ses lignes
PHASES_ON_ONE_DAY = deux phases de ce compte commencent le même jour
PHASES_ON_ONE_DAY_CURE = donnez à chaque phase son propre premier jour
SLASH_IN_NAME = « { $text } » contient une barre oblique
SLASH_IN_NAME_CURE = n’écrivez pas de barre oblique dans les plateformes, les boutiques et les comptes
NO_EMPLOYMENT_KIND = « { $text } » n’est pas un type d’emploi
NO_EMPLOYMENT_KIND_CURE = écrivez full_time, part_time, fixed_term, intern, agency, outsourced ou freelance, ou laissez la cellule vide
NO_CONTRIBUTORS = « { $text } » ne désigne pas de contributeurs
    .role = « { $text } » ne désigne pas de contributeurs : « { $role } » n’est pas un rôle
    .twice = « { $text } » désigne { $named } deux fois
    .many = « { $text } » désigne plus de contributeurs que les { $max } admis pour un enregistrement
NO_CONTRIBUTORS_CURE = écrivez rôle=matricule, plusieurs étant séparés par « ; », avec les rôles first_answer, closer et after_sales, par exemple first_answer=A001;closer=A007
    .twice = retirez l’un des deux : chacun a une seule part dans un rôle, même si un alias de aliases.csv et le matricule désignent la même personne
    .many = retirez-en, { $max } au maximum
POLICY_SPLIT = indiquez une version, et first_answer, closer et after_sales en pourcentages dont la somme est de 100
NO_PHASE = « { $text } » n’est pas une phase
NO_PHASE_CURE = écrivez shared, mixed ou named
CORRECT_THE_DATES = corrigez les dates
ALIAS_IS_A_NUMBER = { $alias } est le matricule de quelqu’un d’autre
ALIAS_IS_A_NUMBER_CURE = les enregistrements qui le portent seraient lus comme ceux de cette personne : renommez l’alias
ALIAS_OF_TWO = { $alias } désigne deux personnes en même temps
ALIAS_TWICE = plusieurs lignes donnent { $alias } à la même personne pour des jours qui se chevauchent
ALIAS_OF_TWO_CURE = donnez à chaque ligne ses dates from et to, sans chevauchement
DEVICE_OF_NOTHING = ni un matricule ni une place n’indique à qui est l’appareil
DEVICE_OF_BOTH = il appartient à quelqu’un (employee_no) et à une place
DEVICE_OF_BOTH_CURE = écrivez le matricule ou la place, et laissez l’autre vide
DEVICE_TWICE = plusieurs lignes donnent { $device } à la même personne ou place à partir du même jour, avec des fins différentes

## The bundle: whom and what a row means

NOT_IN_PEOPLE = { $number } ne figure pas dans people.csv
NOT_IN_PEOPLE_CURE = ajoutez la personne à people.csv, ou corrigez le matricule
ROWS_OF_NUMBER_REJECTED = les lignes de { $number } dans people.csv ont été rejetées
ROWS_OF_ACCOUNT_REJECTED = les lignes de { $account } dans accounts.csv ont été rejetées
ROWS_OF_RECORD_REJECTED = les lignes de l’enregistrement { $record } de { $account } dans records.csv ont été rejetées
ROWS_OF_ALIAS_REJECTED = les lignes de l’alias { $alias } sur { $platform } dans aliases.csv ont été rejetées
ROWS_REJECTED_CURE = corrigez-les d’abord : chacune est dans rejected.csv avec sa solution
NAME_FOR_NUMBER = { $text } est un nom, et un matricule est attendu (vouliez-vous dire { $near } ?)
NAME_FOR_NUMBER_CURE = écrivez le matricule : les alias n’en tiennent lieu que dans les colonnes agent et contributors de records.csv
    .agent = écrivez le matricule, ou indiquez l’alias dans aliases.csv
LOST_ZEROS = { $text } ne figure pas dans people.csv (vouliez-vous dire { $near } ?)
LOST_ZEROS_CURE = les tableurs suppriment les zéros initiaux : exportez la colonne en tant que texte
GROUPED_NUMBER = { $text } ne figure pas dans people.csv (vouliez-vous dire { $near } ?)
GROUPED_NUMBER_CURE = un tableur a groupé ses chiffres : exportez la colonne en tant que texte
ONE_OF_TWO = { $one } ou { $other }
SEVERAL_STORES = plusieurs boutiques ont un compte { $account }
SEVERAL_STORES_CURE = écrivez-le sous la forme plateforme/boutique/compte
ACCOUNT_UNKNOWN_CURE = ajoutez le compte à accounts.csv, ou corrigez son nom
UNKNOWN_AGENT = { $agent } ne figure pas dans people.csv et n’est pas un alias sur { $platform }
ALIAS_NOT_THEN = l’alias { $agent } sur { $platform } ne couvre pas le { $day }
UNKNOWN_AGENT_CURE = ajoutez la personne à people.csv ou l’alias à aliases.csv, ou laissez agent vide

## The bundle: records and duty

NO_RECORD_USABLE = il ne contient aucun enregistrement utilisable{ $why }
NO_RECORD_IN_PERIOD = aucun enregistrement ne commence entre le { $from } et le { $to }{ $others }{ $why }
RECORDS_OUTSIDE = { " " }({ $count } sont en dehors)
NO_RECORDS_CURE = indiquez les dates qui contiennent les enregistrements (--from et --to, ou period dans group.yaml), et corrigez les lignes rejetées
OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } enregistrement ne commence pas
       *[other] { $count } enregistrements ne commencent pas
    } entre le { $from } et le { $to } et { $count ->
        [one] a été écarté
       *[other] ont été écartés
    } (par exemple { $example })
OBSERVATIONS_OUTSIDE =
    { $count ->
        [one] { $count } observation ne porte pas
       *[other] { $count } observations ne portent pas
    } sur des jours du { $from } au { $to } et { $count ->
        [one] ne compte pas
       *[other] ne comptent pas
    } dans cette période (par exemple { $example })
NO_PERIOD = aucun enregistrement n’indique quelle période est clôturée
NO_PERIOD_CURE = indiquez ses dates (--from et --to, ou period dans group.yaml)
NO_RATE = « { $text } » n’est pas un taux
NO_RATE_CURE = écrivez des chiffres avec un point au plus, par exemple 7.1234, dont { $places } au maximum après le point et 18 en tout
RATE_NOT_ABOVE_0 = un taux est supérieur à 0
RATE_NOT_ABOVE_0_CURE = indiquez ce que vaut une unité de la première devise dans la seconde
RATE_OF_ONE_CURRENCY = c’est un taux entre une devise et elle-même
RATE_OF_ONE_CURRENCY_CURE = écrivez une autre devise dans l’une des deux colonnes
RATES_CONTRADICT = plusieurs lignes indiquent ce que valent les mêmes devises le même jour : { $rates }
POPULATION_WITHOUT_PEOPLE = population ne désigne personne qui ait un emploi entre le { $from } et le { $to }
POPULATION_WITHOUT_PEOPLE_CURE = écrivez ce que people.csv indique des personnes voulues, ou retirez population ({ $said })
POPULATION_COLUMN = { $column } : { $words }
POPULATION_OF_NOBODY = personne dans people.csv n’a « { $word } » comme { $column }{ $hint }
TOO_MANY_REPLIES = il a plus de { $most } lignes de messages
TOO_MANY_RECORDS = la période contient plus de { $most } enregistrements
TOO_MANY_RECORDS_CURE = clôturez les succursales ou les semaines une par une
SEVERAL_MONTHS = ses enregistrements commencent dans { $count } mois ({ $months })
SEVERAL_MONTHS_CURE = indiquez quelles dates clôturer, par exemple --from { $from } --to { $to }
RECORD_BACKWARDS = il se termine le { $end }, avant de commencer le { $start }
RECORD_BACKWARDS_CURE = corrigez les heures, ou inversez les deux colonnes
SHORTENED_ID_KEPT =
    dans { $count ->
        [one] { $count } ligne
       *[other] { $count } lignes
    }, un tableur a réduit le nombre à ses premiers chiffres (par exemple { $example }) : exportez-le en tant que texte ; pris tel quel
SHORTENED_CUSTOMER =
    dans { $count ->
        [one] { $count } ligne
       *[other] { $count } lignes
    }, un tableur a réduit le nombre à ses premiers chiffres (par exemple { $example }) : exportez-le en tant que texte ; considéré comme vide
VALUE_LOST_EMPTY =
    { $count ->
        [one] { $count } cellule contient
       *[other] { $count } cellules contiennent
    } ce qu’un tableur affiche à la place d’une valeur (par exemple { $example }) : considéré comme vide
VALUE_LOST_KEPT =
    { $count ->
        [one] { $count } cellule contient
       *[other] { $count } cellules contiennent
    } ce qu’un tableur affiche à la place d’une valeur (par exemple { $example }) : pris tel quel
NO_VALUE_TAKEN_AS_EMPTY =
    { $count ->
        [one] { $count } cellule signifie
       *[other] { $count } cellules signifient
    } l’absence de valeur (par exemple { $example }) : considéré comme vide
UNSEEN_LEFT_OUT =
    { $count ->
        [one] { $count } cellule contient
       *[other] { $count } cellules contiennent
    } des caractères que personne ne voit : lu sans eux (par exemple { $example })
DECIMAL_TAKEN_AS_WHOLE =
    { $count ->
        [one] { $count } nombre entier est écrit
       *[other] { $count } nombres entiers sont écrits
    } avec une décimale : lu sans elle (par exemple { $example })
ZEROS_APART =
    { $count ->
        [one] { $count } ligne a un numéro
       *[other] { $count } lignes ont des numéros
    } (par exemple { $example }) que d’autres lignes écrivent avec des zéros initiaux : considéré comme différent ; les tableurs suppriment les zéros initiaux, exportez donc la colonne en tant que texte
CONTRIBUTORS_NOBODY =
    { $count ->
        [one] { $count } contributeur ne figure
       *[other] { $count } contributeurs ne figurent
    } ni dans people.csv ni dans aliases.csv au jour de l’enregistrement (par exemple { $example }) : les enregistrements comptent, et la part va aux autres contributeurs ; ajoutez la personne à people.csv ou l’alias à aliases.csv, ou corrigez le nom, et clôturez de nouveau
LONG_RECORDS =
    { $count ->
        [one] { $count } enregistrement dure
       *[other] { $count } enregistrements durent
    } { $hours } heures ou plus (par exemple { $example }) : les heures peuvent être celles d’un cas que personne n’a fermé
REPLY_WITHOUT_RECORD = { $account } n’a pas d’enregistrement { $record } dans records.csv{ $hint }
    .elsewhere = { $account } n’a pas d’enregistrement { $record } dans records.csv, mais { $other } en a un
REPLY_WITHOUT_RECORD_CURE = ajoutez l’enregistrement à records.csv (si sa ligne n’a pas pu être lue, elle est dans rejected.csv), ou corrigez le compte ou l’ID
REPLIES_ABOVE_MOST = l’enregistrement { $record } de { $account } a { $count } messages : les { $most } premiers sont pris, et les { $rows } autres, à partir du { $at }, ne le sont pas
CLAIM_OF_BOTH = elle indique l’enregistrement { $record } et le client { $customer }
CLAIM_OF_BOTH_CURE = gardez l’un des deux ; sans aucun, c’est une revendication du prochain enregistrement du compte
REPLIES_ABOVE_MOST_CURE = exportez de nouveau l’enregistrement : autant de messages sont ceux de plusieurs enregistrements sous un même ID
REPLIES_OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } message vient
       *[other] { $count } messages viennent
    } d’enregistrements qui ne commencent pas entre le { $from } et le { $to } et { $count ->
        [one] a été écarté
       *[other] ont été écartés
    } (par exemple { $example })
CLAIMS_OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } revendication n’a pas été faite
       *[other] { $count } revendications n’ont pas été faites
    } entre le { $from } et le { $to } et { $count ->
        [one] a été écartée
       *[other] ont été écartées
    } (par exemple { $example })
RECORD_TOO_LONG = il dure { $days } jours, du { $start } au { $end }
RECORD_TOO_LONG_CURE = corrigez les dates : aucun enregistrement ne dure plus de { $most } jours
NO_ROWS = il a un en-tête et aucune ligne en dessous
NO_ROWS_CURE = exportez de nouveau les enregistrements du mois, avec leurs lignes
DUPLICATE_RECORD = cet external_id figure plusieurs fois avec le même contenu : pris une seule fois ({ $count } écartés)
    .revised =
        cet external_id figure en plusieurs révisions : c’est { $revision } qui compte ({ $count ->
            [one] { $count } ligne d’une révision antérieure écartée
           *[other] { $count } lignes de révisions antérieures écartées
        })
DUPLICATE_ROW_REVISED =
    elle figure en plusieurs révisions : c’est { $revision } qui compte ({ $count ->
        [one] { $count } ligne d’une révision antérieure écartée
       *[other] { $count } lignes de révisions antérieures écartées
    })
REFUND_PAYS_NOTHING = la ligne renvoie à un autre enregistrement, c’est donc un remboursement, et son montant n’est pas négatif
REFUND_PAYS_NOTHING_CURE = écrivez ce qui a été remboursé avec un signe moins, ou laissez refers_to vide
REVISED_TWICE = la ligne indique une révision et une heure de modification
REVISED_TWICE_CURE = laissez l’une des deux vide
NO_CURRENCY = « { $text } » n’est pas une devise
NO_CURRENCY_CURE = écrivez un code ISO 4217, par exemple JPY, ou laissez vide pour la devise du groupe
NO_REVISION = « { $text } » n’est pas une révision
NO_REVISION_CURE = écrivez un nombre entier à partir de 0, ou laissez vide
ID_TWICE_DIFFERENT = { $id } figure { $count } fois dans { $account } avec des contenus différents
ID_TWICE_SAME = { $id } figure { $count } fois dans { $account } avec le même contenu
ID_TWICE_CURE = gardez la bonne ligne, ou donnez à chaque enregistrement son propre external_id
ID_TWICE_SHORTENED_CURE = un tableur a réduit les ID à leurs premiers chiffres : exportez la colonne en tant que texte
SHIFT_BACKWARDS = la vacation se termine le { $end }, et non après son début le { $start }
SHIFT_BACKWARDS_CURE = une vacation de nuit se termine le lendemain : écrivez cette date
SECOND_OF_TWO =
    les horloges ont été retardées, et la fin de { $count ->
        [one] { $count } ligne
       *[other] { $count } lignes
    } est la seconde fois qu’elles l’ont affichée : la première précède le début (par exemple { $example })
    .reply =
        les horloges ont été retardées, et l’heure de { $count ->
            [one] { $count } message
           *[other] { $count } messages
        } est la seconde fois qu’elles l’ont affichée : la première n’est pas dans l’enregistrement (par exemple { $example })
FIRST_OF_TWO =
    les horloges ont été retardées, et dans { $count ->
        [one] { $count } ligne
       *[other] { $count } lignes
    }, une heure sans décalage qu’elles ont affichée deux fois est la première des deux (par exemple { $example }) : écrivez le décalage pour indiquer laquelle est voulue
LONG_SHIFT = la vacation du { $start } au { $end } ne dure pas moins de { $hours } heures
LONG_SHIFT_CURE = corrigez ses heures ; s’il s’agit de plusieurs vacations, écrivez une ligne pour chacune
SHIFT_ENDS_DIFFER = les lignes { $lines } sont la vacation de la même personne sur le même compte à partir du { $start }, mais se terminent à des heures différentes ({ $one }, { $other })
SHIFT_SEATS_DIFFER = les lignes { $lines } sont la vacation de la même personne sur le même compte à partir du { $start }, mais à des places différentes
KEEP_THE_RIGHT_ROW = gardez la ligne qui est juste
PUNCH_BOTH_WAYS = les lignes { $lines } sont des pointages d’entrée et de sortie de { $number } au même moment, { $at }
HANDOVER_BOTH_WAYS = dans les lignes { $lines }, { $number } prend et libère { $account } au même moment, { $at }
HANDOVERS_AT_ODDS = les lignes { $lines } sont des passations de { $account } au même moment, { $at }, qui ne peuvent pas toutes avoir eu lieu
PUNCHES_ODD = un nombre impair de pointages : { $count } ; le dernier, le { $at }, est seul ({ $night })
PUNCHES_SINGLE = un pointage unique, le { $at }, est seul ({ $night })
PUNCHES_NIGHT = une nuit demande rosters.csv, ou un cut_over de policy.yaml à une heure où personne ne travaille
PUNCHES_BETWEEN = les pointages entre le premier et le dernier sont écartés : { $count }
PUNCHES_ALONE = le pointage du { $at } est seul et ne donne aucune présence : ajoutez celui qui manque
PUNCHES_LONG = une présence de plus de 13 heures, de { $from } à { $to } : s’il s’agit du repos entre deux nuits, écrivez kind ou rosters.csv
PUNCHES_AS_NIGHTS = présences au-delà de la fin de la journée de travail : { $count } (la première de { $from } à { $to }) ; par journées de travail, le repos entre elles serait de la présence ; kind ou rosters.csv l’indiquerait avec certitude
PUNCHES_EITHER_WAY = les pointages de { $from } à { $to } peuvent être des jours ou des nuits, puisque le premier et le dernier sont seuls : pris pour des jours ; kind ou rosters.csv l’indiquerait
NEITHER_WORD = « { $text } » n’est ni { $one } ni { $other }
NEITHER_WORD_CURE = écrivez { $one } ou { $other }
NO_SUBJECT_KIND = « { $text } » n’est pas un type d’objet
NO_SUBJECT_KIND_CURE = écrivez l’un des suivants : { $kinds }
UNIT_OF_NOBODY = { $unit } n’est pas une unité à laquelle appartient quelqu’un de people.csv ou un compte de accounts.csv{ $hint }
UNIT_OF_NOBODY_CURE = corrigez le chemin de l’unité
STORE_UNKNOWN = aucun compte de accounts.csv n’appartient à { $store }{ $hint }
STORE_UNKNOWN_CURE = écrivez la plateforme et la boutique comme dans accounts.csv, séparées par /
NEITHER_DAYS_NOR_TIME = il n’est indiqué ni quels jours ni à quelle heure
DAYS_AND_TIME = il est indiqué à la fois quels jours et à quelle heure
DAYS_AND_TIME_CURE = laissez from et to vides s’il s’agit d’un instant, ou at s’il s’agit de jours
NEITHER_DAYS_NOR_TIME_CURE = remplissez from (et to, pour plus d’un jour) ou at, l’un ou l’autre
NO_KIND_OF_FINDING = ce type de constat n’existe pas
NO_KIND_OF_FINDING_CURE = supprimez le fichier : seul inputs/ d’un résultat le contient
NO_COUNT = ce n’est pas un nombre
DELETE_THE_FILE = supprimez le fichier

## The bundle: settings. A sentence goes on from the name of the setting

SETTING = { $path } { $problem }
SETTING_WRONG = est incorrect : { $reason } ; { $cure }
SETTING_GROUPED = « { $text } » a un séparateur de milliers, et les nombres des fichiers YAML n’en ont pas, quoi que `numbers` dans group.yaml indique pour les cellules : écrivez { $plain }
SETTING_GROUPED_OR_DECIMAL = « { $text } » contient peut-être un séparateur de milliers, et les nombres des fichiers YAML n’en ont pas, quoi que `numbers` dans group.yaml indique pour les cellules : écrivez { $plain }, ou { $decimal } si c’est ce qui est voulu
SETTING_MISSING = manque
SETTING_NO_MAPPING = n’est pas une correspondance entre des clés et des valeurs
FILE_NO_MAPPING = le fichier n’est pas une correspondance entre des clés et des valeurs
SETTING_NO_TEXT = n’est pas du texte
SETTING_TEXT_LENGTH = est vide ou dépasse 200 caractères
SETTING_WITH_NUL = contient le caractère NUL (U+0000) : retirez-le
SETTING_NOT_ONE_OF = vaut « { $text } », et non l’une des valeurs { $words }
SETTING_NO_DECIMAL = vaut « { $text } », et non un nombre décimal à six décimales au plus
SETTING_NOT_BETWEEN = vaut { $number }, et non un nombre de { $least } à { $most }
SETTING_LOSSY_DECIMAL = vaut « { $text } », un nombre décimal qui perd en précision : écrivez-le entre guillemets
SETTING_NO_WHOLE = vaut « { $text } », et non un nombre entier de { $least } à { $most }
SETTING_NO_LIST = n’est pas une liste
SETTING_PAIR_NO_TEXT = a une clé qui n’est pas du texte
SETTING_NO_VALUE = n’a pas de valeur
SETTING_UNKNOWN_NEAR = n’est pas une clé connue (vouliez-vous dire { $near } ?)
SETTING_UNKNOWN = n’est pas une clé connue (sont connues : { $known })
SETTING_EMPTY = est vide
SETTING_NOT_ABOVE_0 = n’est pas supérieur à 0
SETTING_BELOW_0 = est inférieur à 0
GROUP_CURRENCY = n’est pas un code de trois lettres majuscules tel que CNY
GROUP_CURRENCY_UNKNOWN = vaut { $code }, qui n’est pas une devise ISO 4217 en vigueur : écrivez-en une telle que CNY
GROUP_PERIOD_BACKWARDS = vaut { $to }, avant from, qui vaut { $from }
GROUP_PERIOD_TOO_LONG = donne une période de { $days } jours, et { $most } au maximum se clôturent à la fois : clôturez-la en plusieurs parties
GROUP_REGION = place { $branch } dans la région { $region } : écrivez de 1 à 32 caractères parmi a-z, 0-9 et -, par exemple cn-east
GROUP_SAME_SIGN = est le même signe que decimal
POLICY_CUT_OVER = n’est pas une heure de "00:00" à "11:59", entre guillemets
SCHEME_WEIGHTS = a des poids dont la somme est de { $sum } et non de 100
SCHEME_ID_TAKEN = est celui d’un KPI précédent
SCHEME_WEIGHT = n’est pas supérieur à 0 : retirez plutôt le KPI
SCHEME_CAP = vaut { $cap }, ce qui ne dépasse pas le plancher { $floor }
SCHEME_RANGE = dépasse de plus de { $most } le plancher { $floor }
SCHEME_SMALL_SAMPLE = n’a de sens que pour des proportions et des moyennes : retirez-le
SCHEME_OF_RECORDS = n’a pas de sens pour la mesure records
SCHEME_OF_UNDEFINED = désigne la mesure « { $measure } », qui ne figure pas sous measures{ $hint }
SCHEME_OF_MISSING = manque : il désigne la colonne à mesurer
SCHEME_OF_RESOLVED = est une colonne oui/non, qui a une proportion mais ni somme ni moyenne
SCHEME_TEST_MISSING = n’est pas complet : at_most ou at_least indique quels enregistrements comptent
SCHEME_TEST_USELESS = n’est pas correct : at_most et at_least n’ont pas de sens ici
SCHEME_MEASURES_TEXT = { $kpi } mesure { $column }, une colonne qui contient du texte
    .cell = ligne { $line } : { $reason }
    .odd =
        { $kpi } mesure { $column }, une colonne de texte puisque { $count ->
            [one] une cellule n’est pas un nombre
           *[other] { $count } cellules ne sont pas des nombres
        } : { $cells }
SCHEME_MEASURES_NOTHING = { $kpi } mesure { $column }, qui n’est pas une colonne de records.csv avec des valeurs{ $hint }
SCHEME_MEASURES_CURE = indiquez une colonne de nombres de records.csv
    .odd = corrigez les cellules, ou indiquez une colonne de nombres de records.csv
SCHEME_MEASURES_UNCOMPUTED = { $path } (KPI { $kpi }) mesure quelque chose qui n’est pas calculé
MEASURE_UNKNOWN_CURE = mesurez le nombre d’enregistrements, la proportion de resolved, la proportion avec first_reply_seconds at_most 30, la proportion avec rating at_least 4, la somme de amount, la moyenne d’une colonne supplémentaire, ou toute autre chose sous forme d’une mesure que le fichier définit sous measures
POOL_CURRENCY = vaut { $currency }, mais les montants du groupe sont en { $group }
POOL_BELOW_0 = est négatif : écrivez la somme à répartir, supérieure à 0
POOL_ZERO = vaut 0 : retirez le fichier s’il n’y a rien à répartir
POOL_SHARES = a des parts dont la somme est de { $sum } et non de 100
POOL_SHARE = n’est pas supérieur à 0 : retirez plutôt la partie
POOL_TIERS_ELSEWHERE = n’a de sens qu’avec by: tiers
POOL_TIERS_MIXED = mélange top_percent et at_least : utilisez l’un des deux dans tous les paliers
POOL_TIERS_PERCENT = a des top_percent dont la somme est de { $sum } et non de 100
POOL_TIERS_RISE = a des at_least qui ne baissent pas d’un palier à l’autre
POOL_TIERS_WEIGHTS_RISE = a un poids supérieur à celui d’un meilleur palier : écrivez le meilleur palier d’abord, chacun avec au plus le poids du précédent
POOL_TIERS_WEIGHTLESS = n’a que des poids de 0
POOL_TIER_RULE = ou at_least est nécessaire, et un seul des deux
POOL_TIER_NAME_TAKEN = est celui d’un palier précédent
POOL_PERCENT_TOO_FINE = vaut { $percent } : écrivez un pourcentage à quatre décimales au plus
POOL_TIER_WEIGHT = dépasse 1000000
POOL_SHARE_TOO_FINE = { $percent } % a plus de quatre décimales
POOL_SHARE_TOO_FINE_CURE = écrivez des parts et des quotas à quatre décimales au plus
OTHER_PERIOD = il concerne la période du { $from } au { $to }, mais c’est celle du { $closed_from } au { $closed_to } qui est clôturée
OTHER_PERIOD_CURE = corrigez sa période, ou retirez la période
POOL_IN_EMPTY_PERIOD = il y a de l’argent, mais personne de people.csv n’a d’emploi entre le { $from } et le { $to }
POOL_WITHOUT_PEOPLE_CURE = corrigez hired_on et left_on, ou retirez l’enveloppe
SAVE_FILE_AS_UTF_8 = enregistrez le fichier en UTF-8
JOINED = { $one }{ $other }

## The command line: what cannot be done

STEP_FAILED = étape : { $step }
NOBODY_CREDITED_AT_ALL = personne n’était en service lors d’aucun de ses enregistrements, et aucun ne désigne son agent
    .people =
        { $rows ->
            [one] { $rows } ligne a été rejetée
           *[other] { $rows } lignes ont été rejetées
        }, et parmi les autres personnes, aucune n’était en service lors d’un enregistrement
    .duty =
        personne n’était en service lors d’aucun de ses enregistrements, et { $rows ->
            [one] { $rows } ligne de plannings, de pointages ou de passations a été rejetée
           *[other] { $rows } lignes de plannings, de pointages ou de passations ont été rejetées
        }
NOBODY_EMPLOYED =
    personne n’a d’emploi entre le { $from } et le { $to } : { $people ->
        [one] { $people } personne a été lue
       *[other] { $people } personnes ont été lues
    }, { $rejected ->
        [0] et aucune ligne n’a été rejetée
        [one] et { $rejected } ligne a été rejetée
       *[other] et { $rejected } lignes ont été rejetées
    }
NOBODY_EMPLOYED_CURE = corrigez hired_on et left_on, ou la période
RECORD_RATE_MISSING_CURE = écrivez le taux de ce jour ou d’un jour antérieur, avec sa source, dans rates.csv (colonnes date, from, to, rate, source)
NOBODY_CREDITED_CURE = fournissez rosters.csv, punches.csv ou handovers.csv de ces jours, ou corrigez leurs comptes et leurs heures
    .rejected = corrigez d’abord ces lignes : chacune est dans rejected.csv avec sa solution
OUT_NOT_EMPTY = le dossier de résultat n’est pas vide
OUT_IN_USE = une autre exécution est en train d’y écrire son résultat
OUT_NOT_EMPTY_CURE = indiquez-en un autre avec --out, ou supprimez-le d’abord
BUNDLE_NOT_EMPTY = le dossier n’est pas vide
BUNDLE_NOT_EMPTY_CURE = indiquez-en un autre avec --bundle, ou supprimez-le d’abord
CLOSE_INTERRUPTED = vous avez interrompu l’exécution : il n’en reste rien dans { $folder }, et la même commande recommence depuis le début
FINDINGS_ARE_IN = { $file } indique ce qui a été remarqué
REJECTED_ROWS_ARE_IN = { $file } indique chaque ligne rejetée
REJECTED_ROWS_UNWRITTEN = des lignes ont été rejetées, et { $file } n’a pas pu être écrit
STORE_IN_USE = un autre processus tally travaille sur les données dans { $folder }, et une base SQLite n’en admet qu’un à la fois : arrêtez ce processus, ou indiquez d’autres données avec --set database.url=sqlite://FOLDER/{ "{" }service{ "}" }.db
CURE_AND_REJECTED = { $cure } ; { $file } indique chaque ligne rejetée
NOT_IN_MONTH = il n’y a ni enregistrement ni personne { $what } dans ce mois : indiquez un external_id de records.csv, par exemple { $record }, ou un employee_no ou un nom de people.csv, par exemple { $person }
NO_MANIFEST = il ne contient pas de manifest.json, ce n’est donc pas un dossier de résultat
MANIFEST_DOUBLE = il indique deux fois le fichier { $file }
MANIFEST_ELSEWHERE = il indique le fichier { $file }, qui n’est pas un fichier du dossier
NO_MANIFEST_CURE = indiquez un dossier que tally close a écrit (avec --out)
BAD_MANIFEST = { $error }
RESTORE_FOLDER_CURE = restaurez le dossier à partir de l’endroit où il était conservé
SUITE_NAMES_ANOTHER_PERSON = la suite désigne une personne { $id } que le lot ne contient pas : une erreur de notre part
SUITE_NAMES_ANOTHER_ACCOUNT = la suite désigne un compte { $id } que le lot ne contient pas : une erreur de notre part
SUITE_LISTS_LESS = la suite ne liste pas ce qui vient d’être écrit : une erreur de notre part
CYCLE_WATCH_ENDED = le service a cessé de donner des nouvelles du cycle avant sa clôture : recommencez
RECORDS_DO_NOT_ADD_UP =
    { $sent ->
        [one] { $sent } enregistrement est entré
       *[other] { $sent } enregistrements sont entrés
    }, le cycle en compte { $counted } et { $told } en sont sortis : une erreur de notre part
CANNOT_MAKE_FOLDER = impossible de créer le dossier { $folder } : { $error }
CANNOT_READ = impossible de lire { $file } : { $error }
CANNOT_WRITE = impossible d’écrire { $file } : { $error }
IO_NOT_FOUND = l’emplacement n’existe pas
IO_PERMISSION_DENIED = cet utilisateur n’en a pas le droit
IO_ALREADY_EXISTS = il existe déjà : indiquez-en un autre, ou déplacez-le d’abord
IO_IS_A_FOLDER = c’est un dossier
IO_NOT_A_FOLDER = une partie du chemin n’est pas un dossier
IO_FOLDER_NOT_EMPTY = le dossier n’est pas vide
IO_DISK_FULL = le disque est plein
IO_READ_ONLY = le disque est en lecture seule
IO_ADDRESS_IN_USE = un autre programme y écoute
IO_ADDRESS_NOT_HERE = cette machine n’a pas une telle adresse
IO_NOT_TEXT = ce n’est pas un texte UTF-8
IO_NOBODY_LISTENS = personne n’y écoute
IO_NO_ANSWER = aucune réponse n’est arrivée à temps
IO_NO_WAY_THERE = aucun chemin n’y mène depuis cette machine
IO_NO_SUCH_HOST = aucun hôte ne porte ce nom
IO_FOLDER_CLOSED = son dossier ne permet pas de l’écrire
TLS_SAYS = la bibliothèque TLS indique : { $cause }
SERVER_SAYS = il répond : { $cause }
IO_OTHER = le système indique : { $cause }
CURE_ALREADY_DIFFERENT = corrigez la ligne si la suite a raison ; si la ligne est juste, rectifiez le fait dans la suite : un import n’écrase rien
CURE_DIFFERENT_CONTENT = corrigez la ligne si la suite a raison, ou donnez-lui une révision supérieure si la ligne est juste : sans cela, un import n’écrase rien
CURE_REFERS_TO_NOTHING = importez d’abord l’enregistrement auquel il renvoie, ou corrigez refers_to
CURE_PERSON_UNKNOWN = ajoutez la personne à people.csv et refaites l’import
CURE_ACCOUNT_UNKNOWN = ajoutez le compte à accounts.csv et refaites l’import
CURE_ALIAS_OVERLAP = mettez fin à un sens de l’alias (colonne to) avant que l’autre commence
CURE_PLACE_WRONG = corrigez l’équipe dans accounts.csv, ou la région de sa succursale dans group.yaml
CURE_OUT_OF_REACH = faites importer la ligne par quelqu’un dont les droits couvrent son équipe, qui est peut-être passée dans une autre succursale, ou retirez-la
CURE_RECORD_OUT_OF_REACH = faites importer la ligne par l’unité dont relevait ce jour-là l’équipe du compte, ou par le groupe
CURE_REPLY_RECORD_UNKNOWN = importez l’enregistrement avec ses messages, ou faites-les importer par quelqu’un qui peut importer des enregistrements de ce jour
CURE_CLAIM_WITHDRAWN = retirez la ligne : la revendication a été reprise avec un motif
CURE_ROWS_CONTRADICT = gardez la ligne qui est juste, et refaites l’import
CURE_KEPT_BACK = corrigez d’abord ce que ce fichier indique de cette ligne, ou faites-la importer par quelqu’un dont les droits la couvrent, puis refaites l’import : celle-ci entrera avec elle
CURE_PERIOD_PURGED = faites d’abord conserver plus longtemps les données de ces mois (SetRetention, 120 mois au maximum), puis refaites l’import, ou retirez la ligne
CURE_REFUSED_ROW = corrigez ce qui est indiqué, et refaites l’import : les lignes déjà importées comptent comme déjà présentes
    .file = corrigez ce qui est indiqué, ou retirez la ligne

## Settings and arguments

SETTING_CANNOT_HOLD = paramètre { $key } : { $problem }
SETTING_SET_IN = { $problem } ({ $place })
SETTING_IN_FILE = défini dans le fichier { $file }
SETTING_IN_VARIABLE = défini par la variable d’environnement { $name }
SETTING_ON_COMMAND_LINE = défini sur la ligne de commande
SETTING_NOT_KNOWN = ce paramètre n’existe pas ; à cet endroit, il y a { $known }
SETTING_EXPECTED = c’est { $found }, et il est attendu { $expected }
    .alone = il est attendu { $expected }
SETTINGS_NOT_TOML = le fichier n’est pas du TOML : vérifiez que chaque ligne est [SECTION] ou KEY = VALUE
    .at = le fichier n’est pas du TOML à partir de la ligne { $line }, colonne { $column } : vérifiez que chaque ligne est [SECTION] ou KEY = VALUE, et que les textes sont entre guillemets
SETTING_FILE_MISSING = il n’y a pas de fichier { $file }
SETTING_FILE_EMPTY = { $file } est vide
SETTING_SERVICE_UNKNOWN = il n’y a pas de service { $name } ; il y a { $known }
SETTING_SERVICES_NONE = indiquez au moins un service parmi { $known }
SETTING_PEER_MISSING = { $name } n’est pas dans ce processus (server.services) : indiquez où il se trouve, https://host:port
SETTING_AT_LEAST_ONE = 1 au minimum est attendu
SETTING_AT_MOST = { $most } au maximum est attendu
SETTING_SERVICE_TWICE = { $name } est indiqué deux fois : indiquez chaque service une seule fois
SETTING_DATABASE_URL = sqlite://DIRECTORY/{ "{" }service{ "}" }.db ou postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE est attendu
SETTING_SERVICE_IN_URL = chaque service a son propre fichier : écrivez { "{" }service{ "}" } dans son nom, sqlite://DIRECTORY/{ "{" }service{ "}" }.db, ou sqlite:///DIRECTORY/{ "{" }service{ "}" }.db pour un dossier qui commence par /
    .role = chaque service se connecte avec son propre rôle : écrivez tally_{ "{" }service{ "}" } comme rôle, postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_PEER_IN_CLEAR = { $address } est au-delà de la boucle locale : https://host:port est attendu
SETTING_HTTP_IN_CLEAR = { $ip } est au-delà de la boucle locale, et la passerelle n’utilise pas TLS : laissez-la écouter sur la boucle locale derrière un mandataire qui l’utilise, ou définissez server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay si le réseau lui-même chiffre
SETTING_CERTIFICATE_AND_KEY = un certificat et sa clé vont ensemble : définissez les deux ou aucun
SETTING_LISTEN_IN_CLEAR = { $ip } est au-delà de la boucle locale : définissez server.tls_certificate et server.tls_key
SETTING_KEYS_GENERATED = { $ip } est au-delà de la boucle locale, où des clés générées ne conviennent pas : indiquez un répertoire
SETTING_PASSPHRASE_TWICE = keys.passphrase est également défini : définissez l’un des deux
SETTING_LOG_LEVELS = « { $part } » n’est ni un niveau ({ $levels }) ni MODULE=LEVEL, par exemple tally_store=debug ; plusieurs sont séparés par des virgules
SETTING_AUTHORITY_ALONE = ce paramètre indique qui signe les certificats des appelants, et ce serveur n’utilise pas TLS : définissez aussi server.tls_certificate et server.tls_key
SETTING_NO_CERTIFICATE = le fichier { $file } ne contient aucun certificat lisible : indiquez un fichier PEM avec -----BEGIN CERTIFICATE-----
SETTING_NO_PRIVATE_KEY = le fichier { $file } ne contient aucune clé privée lisible : indiquez un fichier PEM avec -----BEGIN PRIVATE KEY-----, non chiffré
SETTING_KEY_OF_ANOTHER = la clé privée dans { $file } ne va pas avec le certificat dans { $certificate } : indiquez la clé pour laquelle ce certificat a été établi
SETTING_CERTIFICATE_OVER = le certificat dans { $file } a expiré : il était valable jusqu’au { $until }, et l’horloge de cette machine indique { $now }. Procurez-vous-en un nouveau auprès de son signataire ; si l’horloge est fausse, mettez-la à l’heure
    .early = le certificat dans { $file } n’est pas encore valable : il commence le { $from }, et l’horloge de cette machine indique { $now }. Si l’horloge est fausse, mettez-la à l’heure ; sinon, attendez, ou indiquez le certificat précédent
SETTING_CERTIFICATE_OF_ANOTHER = le certificat dans { $file } n’est pas signé par l’autorité dans { $authority }, par laquelle ce processus et les services qu’il appelle (peers) se reconnaissent : indiquez l’autorité qui l’a signé, ou un certificat signé par celle-ci
SETTING_REDIS_URL = redis://HOST:PORT est attendu, ou rediss://HOST:PORT pour TLS ; un mot de passe se place avant l’hôte, redis://:PASSWORD@HOST:PORT
SETTING_ENDPOINT = l’adresse d’un collecteur est attendue, par exemple http://127.0.0.1:4317
SAMPLE_NEEDS_ALL = --sample a besoin de tous les services dans un seul processus, et { $name } n’est pas indiqué
EXPECT_ADDRESS = une adresse et un port, par exemple 127.0.0.1:7070
EXPECT_ONE_OF = l’un des mots { $words }
EXPECT_WHOLE_NUMBER = un nombre entier
    .to = un nombre entier de 0 à { $most }
EXPECT_TRUE_OR_FALSE = true ou false
EXPECT_TEXT = un texte
EXPECT_LIST = une liste, par exemple ["a", "b"] ou a,b
EXPECT_OTHER = une valeur d’un autre type
EXPECT_UUID = un UUID
EXPECT_DATE = une date, par exemple 2026-03-31
EXPECT_INSTANT = un instant avec son décalage, par exemple 2026-03-31T09:00:00+08:00
EXPECT_FROM_TO = de { $from } à { $to }
ARG_VALUE_WRONG = { $arg } : « { $value } » ne convient pas ; attendu : { $expected }
ARG_WITHOUT_VALUE = { $arg } demande une valeur
ARG_VALUES_WRONG = { $arg } : un autre nombre de valeurs est attendu
ARG_UNKNOWN = il n’y a pas d’argument { $arg }
    .near = il n’y a pas d’argument { $arg } ; vouliez-vous dire { $near } ?
COMMAND_UNKNOWN = il n’y a pas de commande { $name }
    .near = il n’y a pas de commande { $name } ; vouliez-vous dire { $near } ?
COMMAND_MISSING = indiquez une commande : { $known }
ARG_MISSING = il manque : { $arg }
ARG_CONFLICT = { $arg } ne va pas avec { $other }
ARG_NOT_TEXT = un argument n’est pas un texte UTF-8
ARG_USAGE = saisissez : { $usage } (--help en dit plus)

## The command line: pages

SHOW_NOT_DONE = Non réalisé
SHOW_NOT_DONE_STEP = { $step } : { $why }
SHOW_REST_IS_THERE = Tout ce qui précède est dans le dossier de résultat ; une fois la cause corrigée, la même commande avec un autre --out fait aussi le reste.
RUNG_TAG = désigné par la plateforme
RUNG_HANDOVER = détenait le compte par passation
RUNG_SOLE = seul en service
RUNG_INFERRED = déduit des occupations de chacun
RUNG_EQUAL = partagé à parts égales entre les personnes en service
RUNG_SPLIT = partagé entre contributeurs
RUNG_CLAIM = revendiqué d’un clic
RUNG_DEVICE = d’après l’appareil
RUNG_REPLIES = pondéré d’après les heures des réponses
RUNG_TAG_SHARE = pondéré d’après les noms voisins
RUNG_TEAM = partagé par l’équipe, rien d’autre n’étant connu
RUNG_UNATTRIBUTED = attribué à personne
STEP_DUTY = personnes, comptes, temps de service
STEP_RECORDS = enregistrements
STEP_REPLIES = messages des enregistrements
STEP_CLAIMS = les revendications
STEP_RATES = les taux de change
STEP_OBSERVATIONS = les observations
STEP_CYCLE = attribution et scores
STEP_PUBLISH = publication
STEP_SETTLEMENT = règlement
STEP_CREDITS = parts attribuées
STEP_TOTALS = totaux
STEP_CARDS = fiches de score
STEP_STATEMENTS = relevés
STEP_FINDINGS = constats
STEP_INPUTS = données d’entrée
PROGRESS_READING = lecture
PROGRESS_MAKING = création d’un mois
PROGRESS_COUNTING = comptage
PROGRESS_ROWS = lignes
KIND_MISSING_PUNCH = une entrée sans sa sortie, ou l’inverse
KIND_UNCOVERED_SHIFT = au planning, et pointages ce jour-là à d’autres heures seulement : la vacation ne compte pas
KIND_BARELY_COVERED_SHIFT = au planning, et pointages ce jour-là pour une autre vacation : il ne compte de celle-ci que le bord
KIND_HELD_BY_OTHERS = au planning, et seules d’autres personnes détenaient le compte par passation : la vacation ne compte pas
KIND_NOT_EMPLOYED = une vacation, un pointage ou une détention de quelqu’un qui n’a alors pas d’emploi
KIND_DOUBLE_IN = deux entrées pointées : la seconde compte
KIND_OVERLAP = plusieurs personnes détenaient un même compte en même temps
KIND_MISSING_RELEASE = a pris un compte et ne l’a jamais rendu
KIND_RELEASE_WITHOUT_TAKE = a rendu un compte sans l’avoir
KIND_UNHELD_ACCOUNT = personne n’était en service pour un compte, ou pour certains de ses enregistrements
KIND_NO_DUTY_EVIDENCE = aucun planning, pointage ni passation : toute l’équipe compte comme en service
KIND_NOT_SETTLED = l’enveloppe n’a pas pu être répartie
KIND_ODD_PUNCHES = un nombre impair de pointages dans une journée : le dernier est seul
KIND_SINGLE_PUNCH = un pointage unique dans une journée est seul
KIND_PUNCHES_BETWEEN = les pointages entre le premier et le dernier d’une journée ont été écartés
KIND_LONG_PRESENCE = une présence de plus de 13 heures tirée de pointages sans sens
KIND_READ_AS_NIGHT = des pointages sans sens pris pour des nuits
KIND_DAY_OR_NIGHT = des pointages sans sens qui peuvent être des jours ou des nuits : pris pour des jours
KIND_TAG_OFF_DUTY = un enregistrement désigne quelqu’un qui n’était pas en service ; c’est le nom qui compte
KIND_NAMED_WITHOUT_AGENT = l’enregistrement d’un compte nominatif ne désigne personne
KIND_MIXED_WITHOUT_TAG = des enregistrements sans nom d’un compte mixte
KIND_TOO_FEW_TO_INFER = trop peu d’enregistrements pour une déduction : partagés à parts égales
KIND_SEVERAL_AT_ONCE = plusieurs conversations à la fois distinguent trop peu les personnes : partage à parts égales
KIND_TOO_FEW_REPLIES = trop peu de réponses par personne pour les distinguer : partage à parts égales
KIND_REPLIES_TOO_DENSE = les réponses sont trop rapprochées pour distinguer les personnes d’après leurs heures : partage à parts égales
KIND_EVIDENCE_UNEVEN = certaines personnes indiquent comme leurs bien plus d’enregistrements que d’autres : pondéré par ce que chacun laisse sans indication
KIND_CLOCK_WITHOUT_SECONDS = l’horloge des réponses n’a pas de secondes : partage à parts égales
KIND_CLAIM_OFF_DUTY = une revendication de quelqu’un qui n’était pas en service ne compte pas
KIND_CLAIM_WITHOUT_RECORD = la revendication d’une conversation qui n’est jamais arrivée
KIND_CLAIMS_DIFFER = plusieurs personnes revendiquent un même enregistrement, ou une autre est désignée
KIND_DEVICE_OFF_DUTY = l’appareil de quelqu’un qui n’était pas en service ne compte pas
KIND_DEVICE_OF_SEVERAL = l’appareil de plusieurs personnes à la fois ne compte pas
KIND_DEVICE_OF_NOBODY = un appareil a été utilisé alors qu’il n’était à personne : mal orthographié, d’une place sans planning, ou rattaché à d’autres jours
KIND_EVIDENCE_NOT_READ = des revendications, des appareils ou des heures de messages dont la version de la politique ne tient pas compte
KIND_REPLY_OUTSIDE_RECORD = les réponses antérieures ou postérieures à leur enregistrement ne comptent pas
KIND_BREAKS_NOT_PUNCHED = des heures de service ininterrompu sans aucun travail : des pauses que personne n’a pointées
KIND_CLOCKS_APART = des messages dont l’horloge s’écarte de plusieurs minutes de celle de leurs enregistrements, lus d’après cette dernière
KIND_DID_NOT_SETTLE = la déduction ne s’est pas stabilisée : partage à parts égales
KIND_CONTRIBUTOR_UNKNOWN = un enregistrement désigne un contributeur inconnu
KIND_CONTRIBUTOR_OFF_DUTY = un enregistrement désigne un contributeur qui n’était pas en service ; c’est le nom qui compte
KIND_CONTRIBUTORS_NOT_SPLIT = des enregistrements désignent des contributeurs, et la politique ne les répartit pas
KIND_UNKNOWN_AGENT = un enregistrement désigne quelqu’un d’inconnu
KIND_AMOUNTS_CONVERTED = des montants ont été convertis depuis une autre devise
KIND_CONVERTED_ENCODING = un fichier était en GBK ou en UTF-16 et a été converti
KIND_CONVERTED_SEPARATOR = les colonnes étaient séparées par des tabulations ou des points-virgules
KIND_MISSING_COLUMN = une colonne manque : rien n’en est mesuré
KIND_UNKNOWN_COLUMN = personne ne lit cette colonne ; elle est peut-être mal orthographiée
KIND_UNKNOWN_FILE = personne ne lit ce fichier ; il est peut-être mal orthographié
KIND_EMPTY_FILE = un fichier facultatif est vide
KIND_DUPLICATE_RECORD = le même enregistrement plusieurs fois : pris une seule fois
KIND_DUPLICATE_ROW = la même ligne plusieurs fois : prise une seule fois
KIND_OUTSIDE_PERIOD = des enregistrements hors de la période ont été écartés avec leurs messages, de même que les revendications faites hors de celle-ci, ou des observations hors de celle-ci ne comptent pas
KIND_DAMAGED_ID = des ID, des clients ou d’autres valeurs qu’un tableur a pu endommager
KIND_HOUR_TWICE = les horloges ont été retardées : une heure est revenue deux fois
KIND_NO_VALUE = des cellules qui signifient l’absence de valeur ont été considérées comme vides
KIND_CLEANED_CELL = des cellules ont été lues sans les caractères invisibles ou sans la décimale qu’un export avait ajoutés
KIND_LONG_RECORD = des enregistrements durent un jour ou plus
KIND_REPLIES_TOO_MANY = un enregistrement a plus de messages qu’il ne peut en avoir
KIND_POPULATION_OF_NOBODY = la population désigne un poste ou un grade que personne n’a
KIND_TRANSFER = quelqu’un continue dans une autre unité, un autre poste ou un autre grade
KIND_REHIRE = quelqu’un est parti puis revenu
KIND_TEAM_WITHOUT_PEOPLE = l’équipe d’un compte n’a personne
KIND_BRANCH_WITHOUT_PEOPLE = une succursale n’a personne
KIND_MEASURE_NOT_SENT = personne n’a de données pour une mesure : son indicateur ne compte pour personne
KIND_OBSERVATIONS_BEYOND_PERIOD = des observations dépassent la période : elles ne comptent pas
KIND_OBSERVATIONS_UNREAD = aucun indicateur ne lit la mesure de certaines observations ; elle est peut-être mal orthographiée
KIND_REFUND_EXCEEDS_SALE = des remboursements dépassent leur vente
SHOW_HEADLINE = { $group }, du { $from } au { $to }
SHOW_SIZE =
    { $records ->
        [one] { $records } enregistrement de service
       *[other] { $records } enregistrements de service
    } sur { $accounts ->
        [one] { $accounts } compte
       *[other] { $accounts } comptes
    }, { $people ->
        [one] { $people } personne
       *[other] { $people } personnes
    }
SHOW_REJECTED =
    { $count ->
        [one] { $count } ligne a été rejetée : rejected.csv indique pourquoi et quoi changer
       *[other] { $count } lignes ont été rejetées : rejected.csv indique lesquelles, pourquoi, et quoi changer
    }
SHOW_NOT_SPLIT = L’enveloppe n’a pas été répartie
SHOW_SCORES_KEPT = Les attributions, les fiches de score et les constats sont complets ; corrigez ceci et clôturez de nouveau le mois.
SHOW_NO_POOL = Pas d’enveloppe, pas de règlement
SHOW_NO_POOL_HINT = Mettez un pool.yaml dans le lot pour transformer les scores en argent.
SHOW_POOL = L’enveloppe
SHOW_AMOUNT = montant
SHOW_TO_PEOPLE =
    pour { $people ->
        [one] { $people } personne
       *[other] { $people } personnes
    }
SHOW_TO_FUND = pour le fonds d’équipe
SHOW_THREE_STATEMENTS = Trois relevés, au centime près
SHOW_BESIDE_EQUAL = Une répartition égale aurait versé environ { $equal } à chacun : { $more } personnes reçoivent davantage (jusqu’à +{ $most }), { $less } reçoivent moins (jusqu’à { $least }).
SHOW_STATEMENT_HEAD = { $name } { $number } : { $total }  (répartition égale : { $equal })
SHOW_WORTH_A_LOOK = À examiner (findings.csv contient chaque constat)
SHOW_TIMINGS = Durées et empreinte
SHOW_SECONDS = { $step } { $seconds } s
SHOW_IN_ALL = { $total } s en tout : { $longest }
SHOW_SAME_DIGEST = les mêmes fichiers la donnent n’importe quel jour et sur n’importe quelle machine
SHOW_WHO_SERVED = Qui a servi quoi, et avec quelle certitude
SHOW_CERTAIN =
    { $certain } reposent sur un nom ou sur une seule personne ; { $rest ->
        [one] { $rest } enregistrement n’est attribué à personne, avec son motif.
       *[other] { $rest } enregistrements ne sont attribués à personne, chacun avec son motif.
    }
SHOW_BUSIEST = Les comptes partagés les plus actifs (intervalles à 90 %)
SHOW_WORTH = Ce que davantage d’éléments apporterait
SHOW_WORTH_SAID = Enregistrements dont on s’attend à ce qu’ils soient attribués à quelqu’un d’autre que la personne qui les a servis, maintenant et avec davantage d’éléments : une estimation, pas une promesse. evidence.csv contient tous les comptes.
SHOW_COLUMN_NOW = maintenant
SHOW_COLUMN_BREAKS = pauses pointées
SHOW_COLUMN_DEVICES = appareils pour 30 %
SHOW_COLUMN_CLAIMS = moitié revendiquée
SHOW_COLUMN_RECORDS = enregistrements
SHOW_COLUMN_INTERVAL = intervalle à 90 %
SHOW_COLUMN_CERTAIN = certains
SHOW_COLUMN_ACCOUNT = compte
SHOW_OTHERS =
    { $others ->
        [one] { $others } autre
       *[other] { $others } autres
    }
SHOW_SCORES =
    { $people ->
        [one] Score de { $people } personne
       *[other] Scores de { $people } personnes
    } ({ $scheme })
SHOW_OUTSIDE =
    { $people ->
        [one] { $people } personne hors de la population n’a
       *[other] { $people } personnes hors de la population n’ont
    } ni fiche ni paie ici ; enregistrements attribués : { $records }
SHOW_COLUMN_PLACE = #
SHOW_COLUMN_WHO = qui
SHOW_COLUMN_TEAM = équipe
SHOW_COLUMN_CREDITED = attribués
SHOW_COLUMN_SCORE = score
SHOW_COLUMN_COLLABORATION = collaboration
SHOW_CARD = { $name } { $number } : { $score } points, rang { $rank } sur { $of }
SHOW_COLLABORATION = Collaboration : { $outside } des { $credited } enregistrements en dehors du planning ou de l’équipe de la personne ajoutent { $points } points.
SHOW_RECORD = Enregistrement { $id } sur { $account }
SHOW_EVIDENCE = Éléments : { $evidence } (politique { $version })
SHOW_NOTHING_CREDITED = Aucun enregistrement du mois n’est attribué à cette personne.
SHOW_ALL_ACCOUNTS = tous
SHOW_SCORE_STEPS = Le score, pas à pas
SHOW_STATEMENT = Le relevé
SHOW_RECORDS_BEHIND = Enregistrements sous-jacents : { $shown } sur { $all } (credits.csv les contient tous)
DEMO_TRUTH = À quelle distance de la vérité (la démo la connaît)
DEMO_RIGHT = juste, enregistrement par enregistrement
DEMO_WRONG = faux sur le mois
DEMO_EQUALLY = chaque enregistrement réparti également dans l’équipe
DEMO_AS_TALLY = tel que Tally les attribue
DEMO_TRUTH_SAID = Sur les { $records } enregistrements pour lesquels aucune plateforme n’a désigné personne : quelle part d’un enregistrement parvient à qui l’a servi, et quelle part du travail du mois figure sous un autre nom une fois que les erreurs se sont compensées.
DEMO_INTERVALS = { $holding } des { $totals } intervalles des personnes sur ces comptes contiennent la vérité.
DEMO_RUNGS_SAID = Quels éléments le permettent, échelon par échelon :
DEMO_RUNG_RECORDS = enregistrements
DEMO_RUNG_EQUALLY = juste en cas de répartition égale
DEMO_RUNG_TALLY = juste tel qu’attribué
DEMO_RUNG_GAIN = part du gain
DEMO_SKILLS = Ce que le mois a montré des compétences et de la polyvalence
DEMO_LATE = les éléments sont encore en route
DEMO_PROFILE = { $name } { $number } : a servi { $accounts } ({ $platforms }) ; collaboration { $points }
DEMO_STANDARD = { $scheme } (le standard du groupe)
DEMO_USER_BRANCH_HR = clôture le mois de { $branch } ; ne voit aucune autre succursale
DEMO_BRANCHES = Chaque succursale clôture son propre mois
DEMO_BRANCHES_SAID = À partir de la même attribution, chacune selon sa propre déclinaison du standard du groupe, qui permet à une succursale de donner à un indicateur jusqu’à { $within } points de poids en plus ou en moins. Les rangs sont ceux de la succursale.
DEMO_COLUMN_BRANCH = succursale
DEMO_COLUMN_FAVOURS = pèse davantage
DEMO_COLUMN_PEOPLE = personnes
DEMO_COLUMN_CREDITED = des enregistrements
DEMO_COLUMN_FIRST = première place
DEMO_COLUMN_SCORE = score
DEMO_COLUMN_IN_GROUP = rang dans le groupe
DEMO_MANAGERS =
    { $people ->
        [one] Fiche de { $people } personne qui ne sert pas de clients
       *[other] Fiches de { $people } personnes qui ne servent pas elles-mêmes de clients
    }
DEMO_MANAGERS_SAID = D’après les résultats de leurs équipes, chaque équipe telle qu’elle était chaque jour, en pourcentage.
DEMO_MANAGERS_SCHEME = Responsables
DEMO_RIGHT_HEADING = { $branch } est rectifiée après publication et paiement
DEMO_RIGHT_PAID =
    { $amount } ont été versés à { $people ->
        [one] { $people } personne
       *[other] { $people } personnes
    }.
DEMO_RIGHT_RATINGS =
    Puis la plateforme envoie de nouveau { $ratings ->
        [one] { $ratings } note de { $account }, abaissée à 1
       *[other] { $ratings } notes de { $account }, chacune abaissée à 1
    }. { $cycles ->
        [one] { $cycles } cycle repose
       *[other] { $cycles } cycles reposent
    } dessus ; ce qui a été publié et comptabilisé reste tel quel.
DEMO_RIGHT_REASON = Des acheteurs ont modifié leurs notes après coup
DEMO_RIGHT_CARDS =
    La correction donne à { $people ->
        [one] { $people } personne une nouvelle version de sa fiche
       *[other] { $people } personnes une nouvelle version de leur fiche
    }.
DEMO_RIGHT_DELTAS =
    { $people ->
        [one] { $people } personne reçoit un autre montant
       *[other] { $people } personnes reçoivent un autre montant
    } : { $more } de plus et { $less } de moins, avec le prochain règlement de la succursale. Les plus grandes différences :
DEMO_RIGHT_CARD = Ce que lit { $name } :
DEMO_COLUMN_WHO = qui
DEMO_COLUMN_PAID = a été versé
DEMO_COLUMN_RIGHT = est juste
DEMO_COLUMN_DELTA = différence
DEMO_NEXT = Et ensuite
DEMO_OWN_MONTH = votre propre mois ; docs/bundle.md indique ce que contient le dossier
DEMO_AGAIN = ce mois encore une fois, avec des fichiers à consulter
DEMO_COPY = écrire ce mois sous forme de fichiers, comme modèle
DEMO_WHY = pourquoi une personne ou un enregistrement a donné ce résultat
DEMO_REPLAY = le recalculer et comparer chaque octet
DEMO_PASSWORD = Un mot de passe pour tout le monde, créé pour cette exécution : { $password }
DEMO_TOKEN = Un jeton : { $command }
DEMO_HTTP = REST, en JSON : http://{ $address }/openapi.json indique ce qui existe
DEMO_CLOCK = L’horloge du groupe était au lendemain de son mois pendant la clôture, et continue à partir de là. Rien n’est conservé.
DEMO_USER_ADMIN = organise le groupe et donne les rôles ; ne voit ni score ni paie de personne
DEMO_USER_HR = personnes, temps de service, cycles ; ne voit la paie de personne
DEMO_USER_PAYROLL = enveloppes et règlements ; ne peut pas approuver les siens
DEMO_USER_APPROVER = approuve ce que quelqu’un d’autre a préparé
DEMO_USER_PAYER = comptabilise ce que deux autres ont préparé et approuvé
DEMO_USER_AUDITOR = lit tout, ne modifie rien
REPLAY_VERSION = { $what } : le résultat a été calculé avec { $then }, ceci est { $now }
REPLAY_TZDB = base de données des fuseaux horaires
REPLAY_IDENTICAL = identique : { $files } fichiers, empreinte { $digest }
REPLAY_NOT_COVERED = non comparés, car les données d’entrée ne contiennent pas de quoi les produire : { $files }
REPLAY_ALTERED = altéré : { $what }
REPLAY_DIFFERENT = différent : { $file }, ligne { $line }
REPLAY_MISSING = absent du dossier : { $file }
REPLAY_INPUT_CHANGED = inputs/{ $file } : son contenu a été modifié
REPLAY_INPUT_MISSING = inputs/{ $file } : il manque ou est illisible
REPLAY_INPUT_ADDED = inputs/{ $file } : il a été ajouté
REPLAY_IN_FOLDER = dans le dossier : { $line }
REPLAY_RECOMPUTED = recalculé :       { $line }
REPLAY_ENDS = (le fichier se termine avant cette ligne)

## The command line: help. HELP_ and the name of a command, its arguments by name; HELP_SHARED has what several take alike

PAGE_USAGE = Utilisation :{ " " }
PAGE_COMMANDS = Commandes :
PAGE_ARGUMENTS = Arguments :
PAGE_OPTIONS = Options :
PAGE_DEFAULT = { " " }[par défaut{ "\u00A0" }:{ "\u00A0" }{ $value }]
PAGE_VALUES = { " " }[valeurs possibles{ "\u00A0" }:{ "\u00A0" }{ $values }]
PAGE_ENV = { " " }[env{ "\u00A0" }:{ "\u00A0" }{ $name }]
HELP_SHARED =
    .help = Afficher l’aide
    .version = Afficher la version
    .bundle = Dossier avec people.csv, accounts.csv, records.csv et les autres fichiers éventuels (docs/bundle.md)
    .from = Premier jour de la période, par exemple 2026-03-01, avec --to ; par défaut la période de group.yaml, sinon le mois qui contient tous les enregistrements
    .to = Dernier jour de la période, par exemple 2026-03-31, qui en fait partie
    .lang = Langue des phrases, et des noms dans `tally demo` ; peut aussi se placer avant la commande ; par défaut celle de l’environnement (LC_ALL, LC_MESSAGES, LANG)
    .plain-csv = CSV pour les programmes : sans marque d’ordre des octets, et sans l’apostrophe devant les cellules qui commencent comme une formule, dont les tableurs ont besoin
    .json = Afficher le résumé en JSON et rien d’autre
    .server = Où la suite écoute, par exemple https://tally.example:7070 ; par défaut client.server des paramètres, sinon l’adresse de la dernière connexion de `tally login`, sinon http://127.0.0.1:7070
    .ca = Fichier de l’autorité qui signe le certificat du serveur (PEM) ; par défaut celles que cette machine reconnaît
    .client-cert = Fichier de la chaîne de certificats à présenter à un serveur qui en demande un (PEM), avec --client-key
    .client-key = Fichier de la clé privée de --client-cert (PEM)
    .token-file = Fichier qui contient un jeton, ou - pour l’entrée standard ; par défaut celui que `tally login` mémorise, sinon l’entrée standard
    .config = Fichier de paramètres (TOML)
    .set = Définir une clé, par exemple database.url=postgres://.. ; peut être répété
    .dump-config = Afficher les paramètres en vigueur, secrets masqués, et s’arrêter
HELP_TALLY = Qui a fait quel travail, quelle en est la valeur, combien cela rapporte, et pourquoi
HELP_HELP = Afficher cette page, ou celle d’une commande
HELP_DEMO = Montrer le travail principal sur un groupe fictif : un mois d’enregistrements devient des relevés, sur SQLite dans un dossier temporaire
    .once = S’arrêter après le résumé au lieu de servir le groupe
    .seed = Nombre à partir duquel le groupe est créé : un autre nombre donne un autre groupe
    .records = Nombre approximatif d’enregistrements de service du mois, de 1 à 5 000 000 ; en dessous de 100, il y en a 100
    .bundle = Dossier nouveau ou vide où écrire les fichiers du mois, comme modèle
    .listen = Adresse et port sur lesquels écouter après le résumé
    .http = Adresse et port de REST après le résumé
HELP_CLOSE = Faire le travail principal sur vos propres fichiers : un mois d’enregistrements devient des fiches de score et des relevés
    .out = Dossier du résultat : nouveau ou vide
    .explain = Expliquer ensuite un enregistrement (external_id) ou une personne (matricule ou nom)
    .database = Travailler dans PostgreSQL au lieu de SQLite dans un dossier temporaire : l’URL du propriétaire d’une base vide
HELP_IMPORT = Importer les fichiers d’un mois dans une suite en service, et indiquer ce qui s’y trouve avant et après
    .out = Dossier pour report.json, findings.csv, rejected.csv et refused.csv
    .accept-damaged = Écrire les lignes même si un tableur a raccourci des ID ou des clients : la suite les conserve définitivement ainsi
    .json = Afficher le rapport en JSON et rien d’autre
HELP_REPLAY = Recalculer un dossier de résultat à partir de ses propres données d’entrée, et indiquer si le résultat est le même et quels fichiers cela ne couvre pas
    .dir = Dossier de résultat, tel que `tally close` l’a écrit
    .json = Afficher le verdict en JSON et rien d’autre
HELP_SERVE = Exécuter un, plusieurs ou tous les services
    .services = Quels services, séparés par des virgules, par exemple identity,attendance ; par défaut ceux des paramètres, c’est-à-dire tous
    .listen = Adresse et port d’écoute ; par défaut ceux des paramètres, 127.0.0.1:7070
    .http = Adresse et port de la passerelle, si ce processus en a une ; par défaut ceux des paramètres, 127.0.0.1:8080
    .sample = Commencer avec le groupe fictif de `tally demo` sur une base vide
HELP_INIT = Créer le groupe et son premier administrateur sur une base vide
    .name = Nom du groupe
    .currency = Devise du groupe (ISO 4217)
    .zone = Fuseau horaire du groupe (IANA)
    .regions = Régions du groupe, séparées par des virgules, par exemple cn-east,cn-south
    .tenant-id = ID du groupe, choisi d’avance ou celui de l’instance d’une autre région ; si la base contient déjà ce même groupe, rien n’est modifié et ce n’est pas un échec
    .login = Identifiant de connexion du premier administrateur
    .password-file = Fichier qui contient le mot de passe de l’administrateur (au moins 12 caractères) ; à défaut, le mot de passe est la première ligne de l’entrée standard
    .invitation-file = Fichier qui contient ce que `tally invite` a affiché, si la base contient déjà un autre groupe
HELP_INVITE = Afficher une invitation pour créer un groupe de plus dans une base qui en contient un (PostgreSQL)
    .tenant-id = ID du groupe, si l’instance d’une autre région a déjà créé le groupe ; par défaut un nouveau groupe
    .days = Durée de validité en jours, 30 au maximum
HELP_MIGRATE = Mettre la base de données à niveau (PostgreSQL : avec l’URL du propriétaire)
HELP_LOGIN = Échanger un mot de passe, première ligne de l’entrée standard, contre un jeton que les commandes suivantes utilisent
    .login = Identifiant de connexion
    .code = Les six chiffres de votre application d’authentification, ou un code de récupération, si vous avez un second facteur
    .new-password = Le mot de passe vous a été donné pour une seule connexion : la deuxième ligne de l’entrée standard est le nouveau
HELP_USER = Donner un accès à des personnes et à des programmes
HELP_USER_CREATE = Créer un identifiant de connexion avec un rôle, dans tout le groupe ou sur une unité
    .login = Identifiant de connexion
    .role = Le rôle, par exemple group_hr, ou branch_hr avec --unit
    .unit = L’unité, par exemple East, avec tout ce qui est en dessous si le rôle s’étend jusque-là ; par défaut tout le groupe
    .password-file = Fichier qui contient le premier mot de passe (au moins 12 caractères), ou - pour l’entrée standard
HELP_USER_GRANT = Donner à un identifiant de connexion un rôle de plus, ou celui qui lui manque
    .login = Identifiant de connexion
    .role = Le rôle, par exemple group_hr ou auditor
    .unit = L’unité, par exemple East/Chat, avec tout ce qui est en dessous si le rôle s’étend jusque-là ; par défaut tout le groupe
HELP_TENANT = Emporter les données d’un groupe entier
HELP_TENANT_EXPORT = Écrire dans un dossier tout ce que chaque service détient du groupe, un fichier de lignes JSON par table
    .out = Le dossier ; ne doit pas exister
    .quiet = Ne pas afficher l’avancement
HELP_PERSON = Extraire ce qui est détenu sur une personne
HELP_PERSON_EXPORT = Écrire dans un seul fichier JSON tout ce que chaque service détient sur une personne
    .person = La personne : le matricule, ou l’ID (UUID)
    .out = Le fichier ; ne doit pas exister
HELP_RETENTION = Gérer la durée de conservation des données
HELP_RETENTION_RUN = Supprimer de chaque service ce qui est échu selon le plan de conservation du groupe
HELP_AUDIT = Consulter le journal d’audit
HELP_AUDIT_VERIFY = Recalculer la chaîne de chaque service, chercher l’entrée de chaque ligne, et indiquer ce qui ne va pas
    .heads = Dossier des têtes signées par lesquelles les journaux doivent passer ; par défaut celui des paramètres
HELP_AUDIT_SEARCH = Indiquer qui a vu ou modifié quoi sur une personne, ce qu’une identité d’accès a fait, ou ce qui a été fait à un objet ; le plus récent d’abord
    .person = Concernant cette personne (UUID)
    .principal = Par cette identité d’accès (UUID), ou en son nom
    .subject = Fait à cet objet, par exemple statement:0199..
    .from = Pas avant cet instant (RFC 3339), par exemple 2026-03-01T00:00:00+08:00
    .to = Avant cet instant (RFC 3339)
    .json = Afficher un objet JSON par ligne
HELP_SCHEME = Porter un standard du groupe d’une instance à une autre, et partir d’un barème existant
HELP_SCHEME_EXPORT = Afficher le fichier signé d’un barème du groupe, avec toutes ses versions
    .name = Son nom
    .from = La région qu’il quitte, si l’instance en sert plusieurs
HELP_SCHEME_IMPORT = Importer un fichier que l’instance d’une autre région a exporté
    .file = Le fichier
HELP_SCHEME_TEMPLATE = Afficher un barème de départ sous forme de scheme.yaml, ou indiquer lesquels existent
    .name = Nom du barème ; à défaut, tous sont listés
    .out = Fichier où l’écrire, qui ne doit pas encore exister
HELP_ACCESS = Indiquer qui a le droit de faire quoi, pour un examen
HELP_ACCESS_REVIEW = Indiquer en CSV qui détient une permission, par quelle habilitation, délégation ou quel accès d’urgence, depuis quand et de qui ; l’habilitation la plus récente d’abord
    .permission = La permission, par exemple compensation.statement.read_pay pour lire la paie
HELP_KEYS = Gérer les clés : celles qui signent les jetons, et celles de ce qui est scellé dans la base de données
HELP_KEYS_MAKE = Créer le dossier de clés avec tous ses fichiers, pour les secrets d’une grappe ; ce qui existe reste inchangé
HELP_KEYS_PROTECT = Chiffrer seal.key par une phrase secrète, ou changer la phrase secrète
    .new-passphrase-file = Fichier qui contient la nouvelle phrase secrète (au moins 12 caractères) ; à défaut, la phrase secrète est la première ligne de l’entrée standard
HELP_KEYS_ROTATE = Créer de nouvelles clés pendant que les services fonctionnent, et tout sceller avec elles ; reprend là où une exécution précédente s’est arrêtée
    .what =
        Quelles clés ; par défaut master et data
        file : ajouter seulement une clé maître à seal.key, pour distribuer le fichier avant que quoi que ce soit soit enveloppé avec elle
        master : la clé maître dans seal.key ; rapide, rien n’est scellé de nouveau
        data : les clés de données ; chaque ligne scellée est scellée de nouveau
HELP_KEYS_ROTATE_SIGNING = Donner à un service une nouvelle clé pour signer les jetons ; les processus en cours la prennent d’eux-mêmes en une minute
    .service = Le service, par exemple identity

## The command line: what was done

CANNOT_MAKE_TEMPORARY = impossible de créer un dossier temporaire : { $error }
CANNOT_REPLACE = impossible de remplacer { $file } : { $error }
CANNOT_CREATE = impossible de créer { $file } : { $error }
CANNOT_WRITE_TO = impossible d’écrire dans { $folder } : { $error }
OUTPUT_LOST = une partie de la sortie n’a pas pu être écrite : { $error }
CANNOT_START = impossible de démarrer : { $error }
CANNOT_LISTEN = impossible d’écouter sur { $address } ; indiquez une autre adresse avec { $flag }, ou arrêtez-vous après le résumé avec --once : { $error }
NOT_OF_TALLY = { $file } n’est pas ce que tally écrit, à partir de la ligne { $line }, colonne { $column }
SAMPLE_SKIPPED = la base contient déjà un groupe : --sample la laisse telle quelle
SERVING_HTTP = la passerelle est sur http://{ $address }, ce qu’elle propose sur http://{ $address }/openapi.json
SAMPLE_FILLED = Rempli avec le groupe d’exemple. Un mot de passe pour tout le monde, affiché cette seule fois : { $password }
SERVING = sert { $services } sur { $scheme }://{ $address }
NO_GROUP_YET = il n’y a pas encore de groupe dans cette base, personne ne peut donc se connecter : arrêtez ce processus, saisissez `tally init --name "My group"` avec les mêmes paramètres, et redémarrez-le
    .beside = il n’y a pas encore de groupe dans cette base, personne ne peut donc se connecter : saisissez `tally init --name "My group"` avec les mêmes paramètres sans arrêter ce processus
REGION_OF_NO_GROUP = server.regions indique { $region }, et aucun groupe de cette base n’a cette région (il y a { $known }) : ce processus ne sert aucune ligne d’une autre région ; corrigez server.regions, ou laissez-le vide pour les servir toutes
REDIS_AWAY = Redis ne répond pas sur { $at } (redis.url). Tout fonctionne sans lui : jusqu’à son retour, chaque processus compte les appels de son côté, et les consommateurs cherchent les événements toutes les quelques secondes au lieu d’être réveillés
FILE_SWITCH = { $switch } : { $why }
ASK_PASSWORD_TWELVE = mot de passe (au moins 12 caractères, visible à la saisie) :{ " " }
ASK_PASSWORD = mot de passe (visible à la saisie) :{ " " }
ASK_NEW_PASSWORD = nouveau mot de passe (au moins 12 caractères) :{ " " }
ASK_NEW_PASSPHRASE = nouvelle phrase secrète (visible à la saisie) :{ " " }
NO_PASSWORD_GIVEN = aucun mot de passe sur l’entrée standard : saisissez-en un, ou transmettez-le par un tube
SET_EXPECTED = --set { $pair } : KEY=VALUE attendu
SUBJECT_EXPECTED = --subject : KIND:ID attendu, par exemple statement:0199..
GROUP_DIFFERS = le groupe { $id } a déjà été créé dans cette base et diffère de ce qui a été saisi ({ $differences }) : rien n’est modifié. Saisissez ce qu’il est, ou choisissez une autre base
GROUP_DIFFERENCE = { $what } { $there } et non { $typed }
GROUP_WAS_MADE = le groupe { $id } a déjà été créé dans cette base : rien n’est modifié
GROUP_MADE = groupe { $name } ({ $id }) créé avec l’administrateur { $login }
GROUP_NEXT = ensuite : tally serve, puis tally login { $login }
OWNER_URL_MISSING = les schémas de PostgreSQL sont créés par leur propriétaire : mettez-y (TALLY_DATABASE_OWNER_URL) l’URL du propriétaire, postgres://OWNER:PASSWORD@HOST/DATABASE
OWNER_URL_ALONE = c’est SQLite alors que database.owner_url est défini : mettez-y (TALLY_DATABASE_URL) l’URL avec laquelle les services se connectent, ou retirez database.owner_url
MIGRATED = { $service } : { $ran }
UP_TO_DATE = à jour
AUDIT_VERIFIED = { $service } : { $entries } entrées, { $rows } lignes, { $heads } têtes exportées : { $verdict }
AUDIT_INTACT = intact
AUDIT_ON_BEHALF = { " " }au nom de { $id }
AUDIT_FAULT = { $table } de { $stream } : { $place } { $defect }
AUDIT_PLACE = l’entrée { $at }
    .unnumbered = une entrée sans numéro
    .named = { $place } ({ $id })
    .row = la ligne { $row }
    .row-of = la ligne { $row } (entrée { $id })
    .line = la ligne { $row }
AUDIT_DEFECT = n’est pas ce que le service a écrit
    .chain = ne découle pas de l’entrée précédente (insérée, remplacée ou déplacée)
    .missing = manque
    .truncated = manque, ainsi que tout ce qui suit jusqu’à la tête signée
    .beyond = se trouve au-delà de la tête signée
    .head = est la tête, dont la signature manque ou n’est pas celle du service
    .unnumbered = attend une position depuis plus de cinq secondes : un séquenceur fonctionne-t-il ?
    .forked = n’est pas l’entrée dont la tête a été exportée : le journal qui précède a été remplacé
    .older = manque, bien qu’une tête au-delà ait été exportée : un journal plus ancien a été remis en place
    .exported = n’est pas une tête de ce service, ou revient en arrière d’une ligne précédente
    .unaccounted = n’a pas d’entrée d’audit : aucune unité de travail ne l’a écrite
    .borrowed = ou une voisine a emprunté son entrée d’audit, qui a écrit moins de lignes qu’il n’y en a qui s’en réclament
AUDIT_FAULTS =
    { $count ->
        [one] { $count } défaut
       *[other] { $count } défauts
    }
AUDIT_FOUND =
    { $count ->
        [one] { $count } entrée
       *[other] { $count } entrées
    }
REVIEW_FOUND =
    { $count ->
        [one] { $count } façon de détenir { $permission }
       *[other] { $count } façons de détenir { $permission }
    }
INVITE_ONE_GROUP = il s’agit de fichiers SQLite, qui contiennent un seul groupe, personne ne peut donc être invité ; pour plusieurs groupes, il faut PostgreSQL (TALLY_DATABASE_URL=postgres://...)
INVITED = permet la création du groupe { $tenant } pendant { $days } jours : transmettez cette invitation à InitTenant ou à `tally init --invitation-file`
KEYS_MADE = { $folder } contient seal.key et les clés de signature de chaque service : sauvegardez-le
PASSPHRASE_TOO_SHORT = la nouvelle phrase secrète est trop courte : { $least } caractères au minimum
KEYS_PROTECTED = { $file } est protégé par la nouvelle phrase secrète
KEYS_PROTECTED_NEXT = ensuite : définissez TALLY_KEYS_PASSPHRASE ou TALLY_KEYS_PASSPHRASE_FILE pour chaque service, et sauvegardez le fichier
KEYS_WRAPPED =
    { $service } : { $count ->
        [one] { $count } clé de données enveloppée
       *[other] { $count } clés de données enveloppées
    } avec la clé maître la plus récente
KEYS_STOPPED = arrêté ; rien n’est perdu : la même commande reprend là où celle-ci s’est arrêtée
MASTER_KEY_ADDED = la clé maître { $id } est dans { $file } : sauvegardez le fichier
MASTER_KEY_KEPT =
    { $count ->
        [one] { $count } clé de données est encore
       *[other] { $count } clés de données sont encore
    } sous une clé maître plus ancienne : aucune autre n’est ajoutée d’ici là
KEYS_STEP = { $service } : { $table }.{ $column }, { $rows } lignes
KEYS_REPLACED = { $service } : { $keys } clés de données remplacées, { $rows } lignes scellées de nouveau ({ $speed } lignes/s)
KEYS_REPLACED_RESUMED = { $service } : { $keys } clés de données d’une exécution précédente remplacées, { $rows } lignes scellées de nouveau ({ $speed } lignes/s)
NO_SUCH_SERVICE = aucun service ne s’appelle { $service } : indiquez l’un des services { $services }
SIGNING_KEY_ROTATED = { $service } : la nouvelle clé signe à partir du { $from } ; l’ancienne reste valable pour ce qu’elle a signé
PERSON_EXPORTED =
    écrit dans { $file } ; { $withheld ->
        [one] { $withheld } ligne que vous n’avez pas le droit de lire a été retenue
       *[other] { $withheld } lignes que vous n’avez pas le droit de lire ont été retenues
    }
    .untold =
        écrit dans { $file } ; { $withheld ->
            [one] { $withheld } ligne que vous n’avez pas le droit de lire a été retenue
           *[other] { $withheld } lignes que vous n’avez pas le droit de lire ont été retenues
        } ; rien n’est venu de { $services } : soit rien n’y est détenu sur la personne, soit seulement des lignes d’unités et de jours hors de votre périmètre. Quelqu’un qui lit les personnes de tout le groupe obtient le tout
PERSON_EXPORTED_BEYOND = il y a d’autres lignes sur la personne dans { $services }, d’unités et de jours hors de votre périmètre. Quelqu’un qui lit les personnes de tout le groupe obtient le tout
GROUP_EXPORTED = { $rows } lignes écrites dans { $folder } ; { $withheld } retenues, que vous n’avez pas le droit de lire
RETENTION_TAKEN = { $service } : { $rows } lignes de { $table } ({ $kind })
RETENTION_DONE =
    { $rows ->
        [one] { $rows } ligne supprimée
       *[other] { $rows } lignes supprimées
    }
INPUT_NOT_READ = l’entrée standard n’a pas été consultée : --token-file - y prend un jeton
USER_CREATED = { $login } peut se connecter, avec le rôle { $role }
USER_ROLE_UNKNOWN = il n’y a pas de rôle { $role } qui puisse être donné dans tout le groupe ou sur une unité ; aucun identifiant de connexion n’a été créé. Il y a : { $roles }
    .grant = il n’y a pas de rôle { $role }. Il y a : { $roles }
USER_ROLE_WITHOUT_UNIT = le rôle { $role } ne se donne pas sur une unité : retirez --unit
USER_ROLE_OF_A_UNIT = le rôle { $role } se donne sur une unité : indiquez-la avec --unit
USER_UNIT_UNKNOWN = il n’y a pas d’unité { $unit }{ $hint }
USER_GRANTED = { $login } a le rôle { $role }
    .already = { $login } y a déjà le rôle { $role } : rien n’a été modifié
USER_WITHOUT_ROLE = l’identifiant de connexion { $login } a été créé, mais le rôle { $role } n’a pas été donné : donnez-le avec tally user grant { $login } { $role }{ $on }
IMPORT_INTERRUPTED = vous avez interrompu l’exécution
IMPORT_CURRENCY = ses montants sont en { $said }, et ceux du groupe en { $is }
IMPORT_CURRENCY_CURE = indiquez les montants en { $is }, et écrivez currency: { $is }
IMPORT_BRANCH_REGION = il place la succursale { $branch } dans la région { $said }, et la suite l’a dans { $is }
IMPORT_BRANCH_REGION_CURE = écrivez { $is } pour { $branch } sous branches:, ou donnez un autre nom à la succursale
IMPORT_NO_REGION = il n’indique aucune région pour { $branches }, qui se trouveraient donc dans { $default }, une région que le groupe n’a pas
IMPORT_NO_REGION_CURE = écrivez où se trouve chacune (le groupe a { $known }), par exemple branches: { "{" }"{ $branch }": { $region }{ "}" }
IMPORT_REGIONS = il place des succursales dans des régions que le groupe n’a pas : { $unknown }
IMPORT_REGIONS_CURE = indiquez pour chaque succursale l’une des régions { $known } sous branches: dans group.yaml, ou ajoutez la région au groupe

## Console


## Console: access


## Console: people and structure


## Console: cycles


## Console: mine


## Console: team


## Console: words that other rooms have too


## Console: pay

UI_PAY_POOLS_WAIT =
    { $count ->
        [one] Une enveloppe n’est pas proposée : les scores de son cycle ne sont pas publiés.
       *[other] { $count } enveloppes ne sont pas proposées : les scores de leurs cycles ne sont pas publiés.
    }
UI_PAY_WOULD_CHANGE =
    { $people ->
        [one] Une personne reçoit un autre montant : { $more } de plus et { $less } de moins. Rien n’est encore écrit.
       *[other] { $people } personnes reçoivent un autre montant : { $more } de plus et { $less } de moins. Rien n’est encore écrit.
    }

## Console: audit

WORD_DID_PERFORMANCE_RUN_COLLECT = Données d’un calcul d’attribution rassemblées
WORD_DID_PERFORMANCE_RUN_PROGRESS = Calcul d’attribution poursuivi
WORD_DID_PERFORMANCE_CLAIM_IMPORT = Revendications importées

## Console: checks and replays, holds, retention, erasure and schedules

REPLAY_ACCOUNT_FIGURES = les chiffres du compte ne correspondent pas à ses attributions
REPLAY_ADJUSTMENTS_OTHER = ce qui est payé ou retenu au titre des corrections est différent
REPLAY_AMOUNT_OTHER = un autre score ou un autre montant
REPLAY_CREDITED =
    { $records ->
        [one] { $records } enregistrement attribué
       *[other] { $records } enregistrements attribués
    }
REPLAY_DIGEST_OTHER = l’empreinte du cycle n’est pas celle de ses données d’entrée et de ses résultats
REPLAY_FIGURES =
    { $records ->
        [one] { $records } enregistrement
       *[other] { $records } enregistrements
    }, dont { $unattributed ->
        [one] { $unattributed } attribué à personne
       *[other] { $unattributed } attribués à personne
    } ; { $credited ->
        [one] { $credited } attribué
       *[other] { $credited } attribués
    } aux personnes du cycle ; { $people ->
        [one] { $people } fiche
       *[other] { $people } fiches
    }
REPLAY_FIGURES_OTHER = les chiffres du cycle ne correspondent pas à ses attributions et à ses fiches
REPLAY_LINE_OTHER = les étapes qui mènent au montant sont différentes
REPLAY_NOT_DERIVED = il est stocké, et rien n’y conduit
REPLAY_NOT_STORED = il découle des données d’entrée, et n’est pas stocké
REPLAY_REASON_OTHER = les mêmes personnes et les mêmes parts, avec un autre motif
REPLAY_STATEMENT = { $amount } pour un score de { $score }
    .alone = rien de l’enveloppe
    .adjusted = { $line }, et { $adjusted } de corrections
REPLAY_SUMS = { $pool } en tout : { $paid } aux personnes, { $funds } aux fonds ; { $adjusted } de corrections ; { $people ->
        [one] { $people } relevé
       *[other] { $people } relevés
    }
REPLAY_SUMS_OTHER = les sommes du règlement ne sont pas celles de ses relevés
REPLAY_SUM_OTHER = la somme des parts, mesure par mesure, est différente
REPLAY_UNREADABLE = ce qui est stocké est illisible : ce n’est pas ce qui a été écrit
NAV_AUDIT_CHAIN = Contrôle des journaux
NAV_AUDIT_REPLAY = Recalcul de contrôle
UI_CHAIN_SAID = Chaque service tient un journal de ce qui a été fait et vu dans votre groupe. Chaque entrée est liée à la précédente, la plus récente est signée, et chaque ligne désigne l’entrée qui l’a écrite. Le contrôle relit tout : ce qui a été modifié, inséré ou supprimé entre-temps est trouvé et indiqué.
UI_CHAIN_SERVICE = Quel journal
UI_CHAIN_ALL = Tous
UI_CHAIN_CHECK = Contrôler
UI_CHAIN_CHECKING = Lecture du journal
UI_CHAIN_RESULT = Résultat du contrôle
UI_CHAIN_CHECKED =
    { $count ->
        [one] { $count } entrée contrôlée
       *[other] { $count } entrées contrôlées
    }
UI_CHAIN_WHOLE = Intact
UI_CHAIN_BROKEN = Altéré
UI_CHAIN_UNKNOWN = Inconnu
UI_CHAIN_HOLDS =
    Intact : { $entries ->
        [one] { $entries } entrée
       *[other] { $entries } entrées
    } et { $rows ->
        [one] { $rows } ligne
       *[other] { $rows } lignes
    }, telles qu’elles ont été écrites.
UI_CHAIN_FAILS =
    Lecture : { $entries ->
        [one] { $entries } entrée
       *[other] { $entries } entrées
    } et { $rows ->
        [one] { $rows } ligne
       *[other] { $rows } lignes
    }. Ceci n’est pas tel que cela a été écrit, chaque chaîne et chaque table par son premier endroit :
UI_CHAIN_EMPTY = Rien n’a encore été écrit dans ce journal.
UI_CHAIN_FROM = Première entrée
UI_CHAIN_TO = Dernière entrée
UI_CHAIN_OUTSIDE = L’exploitant de Tally peut aussi comparer les journaux aux têtes signées conservées ailleurs, avec tally audit verify : cela permet de déceler une base de données plus ancienne remise en place tout entière.
UI_REPLAY_SAID = Un mois clôturé découle de ce qui l’a produit : les faits et les enregistrements d’alors, et les versions de la politique et du barème. Le recalcul de contrôle le calcule de nouveau et le compare à ce qui est stocké. Il ne modifie rien.
UI_REPLAY_WHAT = Quel cycle ou règlement
UI_REPLAY_CYCLES = Cycles
UI_REPLAY_SETTLEMENTS = Règlements
UI_REPLAY_RUN = Recalculer
UI_REPLAY_NONE = Il n’y a pas encore de cycle clôturé que vous puissiez lire. Dès qu’un cycle sera clôturé, il pourra être recalculé ici.
UI_REPLAY_RUNNING = Recalcul en cours
UI_REPLAY_RESULT = Résultat du recalcul
UI_REPLAY_SAME = Identique
UI_REPLAY_DIFFERENT = Différent
UI_REPLAY_CYCLE_SAME =
    Recalculé : { $credits ->
        [one] { $credits } attribution
       *[other] { $credits } attributions
    } et { $cards ->
        [one] { $cards } fiche
       *[other] { $cards } fiches
    }. Ce qui est stocké est identique, au millionième près.
UI_REPLAY_CYCLE_DIFFERENT =
    Recalculé : { $credits ->
        [one] { $credits } attribution
       *[other] { $credits } attributions
    } et { $cards ->
        [one] { $cards } fiche
       *[other] { $cards } fiches
    }. À { $differing ->
        [one] un endroit
       *[other] { $differing } endroits
    }, ce qui est stocké est différent.
UI_REPLAY_PAY_SAME =
    { $statements ->
        [one] { $statements } relevé a été recalculé.
       *[other] { $statements } relevés ont été recalculés.
    } Ce qui est stocké est identique, au centime près.
UI_REPLAY_PAY_DIFFERENT =
    { $statements ->
        [one] { $statements } relevé a été recalculé.
       *[other] { $statements } relevés ont été recalculés.
    } À { $differing ->
        [one] un endroit
       *[other] { $differing } endroits
    }, ce qui est stocké est différent.
UI_REPLAY_DIGESTS = Empreintes
UI_REPLAY_DIGEST = Données d’entrée et résultats
UI_REPLAY_DIGEST_CREDITS = Attributions
UI_REPLAY_DIGEST_INPUTS = Données d’entrée
UI_REPLAY_THEN = Alors
UI_REPLAY_NOW = Maintenant
UI_REPLAY_FIRST =
    { $count ->
        [one] Voici la première différence.
       *[other] Voici les { $count } premières différences.
    }
UI_REPLAY_RENAMED = L’empreinte est différente bien que le résultat soit identique : quelque chose porte maintenant un autre nom, par exemple une personne dont les données ont été effacées, ou la base de données des fuseaux horaires est d’une autre version.
UI_REPLAY_WHERE = Où
UI_REPLAY_STORED = Stocké
UI_REPLAY_DERIVED = Recalculé
UI_REPLAY_WHY = Ce qui diffère
UI_REPLAY_OF_CREDIT = Attribution de { $record } sur { $account }
UI_REPLAY_OF_ACCOUNT = Compte { $account }
UI_REPLAY_OF_SUM = Sommes de { $person }
UI_REPLAY_OF_CARD = Fiche de { $person }
UI_REPLAY_OF_CYCLE = Le cycle
UI_REPLAY_OF_STATEMENT = Relevé de { $person }
UI_REPLAY_OF_SETTLEMENT = Le règlement
UI_REPLAY_MASKED = Ce qui est stocké et recalculé n’est affiché qu’aux personnes qui ont le droit de lire les fiches et la paie.
UI_REPLAY_BROKE = Le recalcul n’a pas pu être mené à son terme.
WORD_DID_COMPENSATION_SETTLEMENT_REPLAY = Règlement recalculé pour contrôle
WORD_DID_PERFORMANCE_CYCLE_REPLAY = Cycle recalculé pour contrôle
WORD_DID_SUITE_AUDIT_VERIFY = Journal contrôlé
NAV_SCHEDULES = Clôtures programmées
NAV_HOLDS = Gels juridiques
NAV_RETENTION = Conservation
NAV_ERASURES = Effacement
UI_HOLD_ON = Objet du gel
UI_HOLD_BY = Posé par
UI_HOLD_STANDS = En vigueur
UI_HOLD_LIFTED = Levé le { $at } : { $reason }
UI_NO_HOLDS = Il n’y a aucun gel juridique.
UI_NEW_HOLD = Poser un gel juridique
UI_HOLDS_SAID = Ce qui est sous gel juridique n’est ni effacé ni supprimé à l’échéance, dans aucun service.
UI_HOLD_ALL_HINT = Laissez vide pour geler le groupe entier.
UI_LIFT_HOLD = Lever le gel
UI_LIFT_SAID = { $of } : gel juridique en vigueur ({ $reason }). Une fois qu’il sera levé, ce qui est échu pourra être supprimé définitivement.
UI_NAME_NOBODY = Par exemple un numéro de dossier. Ne nommez personne : cela est conservé plus longtemps que les données de la personne.
UI_MONTHS_KEPT = Mois de conservation
UI_MONTHS_BOUNDS = Limites
UI_MONTHS_WITHIN = { $least } à { $most } ; { $usual } par défaut
UI_COUNTED_FROM = À compter de
UI_WHY_KEPT = Motif de conservation
UI_RETENTION_SAID = Durée de conservation de chaque type de données, dans chaque service. Ce qui est échu est supprimé par le nettoyage que l’exploitant fait exécuter.
UI_RETENTION_SHORTER = Si vous fixez moins de mois, le prochain nettoyage supprime définitivement ce qui sera alors échu.
UI_NUMBER_WANTED = Écrivez un nombre entier.
UI_ERASURE_WAITS = En attente d’approbation
UI_ERASURE_UNDER_WAY = En cours
UI_ERASURE_COMPLETED = Effacé partout
UI_ERASURE_DROPPED = Abandonné
UI_WHY_DROPPED = Motif de l’abandon
UI_NO_ERASURES = Il n’y a encore aucune demande d’effacement.
UI_NEW_ERASURE = Demander un effacement
UI_ERASURES_SAID = Les données d’une personne qui est partie sont effacées dès qu’une personne le demande et qu’une autre l’approuve. Les résultats dont dépend la paie d’autres personnes restent, sans le nom.
UI_APPROVE_ERASURE = Approuver et effacer
UI_APPROVE_ERASURE_SAID = Les données de { $name } seront effacées dans chaque service. Cette action est irréversible.
UI_REJECT_ERASURE = Rejeter
UI_WITHDRAW_ERASURE = Retirer
UI_WHAT_SERVICES_DID = Ce que chaque service a fait
UI_ROWS_ERASED = lignes effacées
UI_NEXT_CLOSING = Prochaine clôture
UI_LAST_RUN_FAILED = La dernière exécution a échoué
UI_RUNS_BY_ITSELF = Exécution automatique
UI_NO_SCHEDULES = Il n’y a encore aucune clôture programmée.
UI_SCHEDULES_SAID = Les mois qui sont clôturés automatiquement. Rien n’est publié automatiquement. Une clôture programmée se crée par les rpc (CreateSchedule).
UI_CLOSES = Clôture
UI_CLOSES_ON = le { $day } du mois suivant, { $time } ({ $zone })
UI_LOOKS_FIRST = Examen préalable
UI_WAITS_MINUTES =
    et clôture { $minutes ->
        [one] { $minutes } minute
       *[other] { $minutes } minutes
    } plus tard si personne ne l’arrête
UI_WAS_DUE = Prévu
UI_GOES_ON = Reprise
UI_STOP_RUN = Arrêter cette exécution
UI_BEGIN_MONTH = Commencer un mois à la main
UI_BEGIN_SAID = Pour un mois terminé qui n’a pas été commencé, ou dont l’exécution a échoué ou a été arrêtée.
UI_MONTH = Mois
UI_MONTH_HINT = Par exemple 2026-03.
UI_SCHEDULE_RUNS = Exécutions
UI_NO_RUN_YET = Il n’y a encore eu aucune exécution.
WORD_SCHEDULE_RUN_STATE_LOOKING = Examen préalable en cours
WORD_SCHEDULE_RUN_STATE_WAITING = En attente de clôture
WORD_SCHEDULE_RUN_STATE_CLOSING = Clôture en cours
WORD_SCHEDULE_RUN_STATE_DONE = Clôturé
WORD_SCHEDULE_RUN_STATE_FAILED = Échec
WORD_SCHEDULE_RUN_STATE_STOPPED = Arrêté
DONE_HOLD_SET = Le gel juridique est posé.
DONE_HOLD_LIFTED = Le gel juridique est levé.
DONE_RETENTION_SET = Les mois sont enregistrés.
DONE_ERASURE_ASKED = Effacement demandé. Quelqu’un d’autre l’approuve.
DONE_ERASURE_APPROVED = Effacement approuvé ; les services effacent maintenant.
DONE_ERASURE_REJECTED = Effacement rejeté.
DONE_ERASURE_WITHDRAWN = Demande d’effacement retirée.
DONE_SCHEDULE_RUN_STOPPED = L’exécution est arrêtée.
DONE_SCHEDULE_RUN_BEGUN = Le mois est commencé.

## Console

REQUEST_UNREADABLE = la demande ne peut pas être lue comme le message de ce rpc : vérifiez que l’appelant et le serveur ont le même contrat (proto/) et que les textes sont en UTF-8
    .envelope = la demande n’est pas un flux de messages tel que Connect les met dans des enveloppes : un octet d’indicateurs (0, ou 1 si le message est compressé), quatre octets de longueur, le message
    .compressed = la demande ne peut pas être décompressée : elle n’est pas compressée comme elle l’indique ({ $said })
ONE_MESSAGE_WANTED = cet appel accepte exactement un message, et la demande en contient { $sent }
REQUEST_COMPRESSED = la demande est compressée : envoyez-la telle quelle (grpc-encoding identity)
    .unknown = rien ici ne lit la compression { $said } : envoyez la demande avec gzip, ou telle quelle
PROBLEM_TITLE =
    { $status ->
        [400] Demande incorrecte
        [401] Non connecté
        [403] Non autorisé
        [404] Introuvable
        [405] Méthode non admise
        [409] Conflit
        [412] Modifié entre-temps
        [413] Trop volumineux
        [415] Type de contenu non pris en charge
        [429] Trop de demandes
        [431] En-têtes trop longs
        [499] Abandonné
        [501] Non proposé ici
        [503] Indisponible
        [504] Délai dépassé
       *[other] Erreur interne
    }
MEDIA_TYPE_WRONG = le corps doit être en JSON (Content-Type: application/json), et { $said } a été envoyé
    .rpc = cet appel accepte { $taken } (Content-Type), et { $said } a été envoyé
HEADERS_TOO_LARGE = les en-têtes de la demande dépassent { $limit } octets, ou sont plus de { $most } : envoyez-en moins, ou de plus courts
BODY_NO_JSON = le corps n’est plus du JSON à partir de la ligne { $line }, colonne { $column }
    .early = le corps s’arrête au milieu de son JSON
    .deep = le corps a plus de 127 niveaux de listes et d’objets
    .twice = un objet du corps contient deux fois le nom { $name }
FIELD_UNREADABLE = illisible : écrivez { $expected }
    .unknown = ce champ n’existe pas
    .twice = figure deux fois, comme { $one } et comme { $other } : retirez l’un des deux
    .choice = indiquez un seul de { $fields }, pas plusieurs
    .encoding = l’encodage-pourcent ne donne pas un texte en UTF-8
    .precision = un instant a au plus neuf décimales de seconde
    .second = les secondes vont de 00 à 59
    .digits = a trop de chiffres pour un nombre avec décimales ou exposant : écrivez-le comme un texte
VALUE_EXPECTED = une valeur de ce type
    .yes_or_no = true ou false
    .whole = un nombre entier de { $least } à { $most }
    .number = un nombre
    .text = un texte, entre guillemets
    .bytes = un texte en base64
    .instant = un instant des années 1 à 9999, par exemple 2026-03-02T09:00:00Z
    .duration = des secondes, par exemple 600s
    .name = l’un des noms { $names }
    .object = un objet
    .list = une liste
CONNECT_QUERY_WRONG = doit être v1
    .missing = manque
    .base64 = n’est pas du base64 au format des adresses
HEADER_NOT_READ = cet appel ne sait pas lire l’en-tête { $header } : retirez-le
    .several = l’en-tête { $header } peut contenir une seule étiquette d’entité, entre guillemets, ou *
DOCS_PAGE = Les appels de Tally
    .lead = Tous les appels de la suite par HTTP avec JSON, tirés de la table dont le routeur est fait. Ce que fait chacun est indiqué tel que les contrats le disent, en anglais.
    .how = Comment les choses s’écrivent
    .machine = la même chose pour les programmes, OpenAPI 3.1
    .count =
        { $count ->
            [one] { $count } appel
           *[other] { $count } appels
        }
    .permission = Demande la permission
    .session = Demande une session, et aucune permission.
    .nobody = Aucune connexion n’est nécessaire.
    .parameters = Paramètres
    .body = Corps
    .lines = Corps : un tel objet par ligne
    .answer = Réponse
    .stream = Réponse : un tel objet par ligne, ou par événement
    .refusals = Refus
    .example = Exemple
    .required = obligatoire
    .filled = rempli par le serveur
    .values = L’un de
    .shapes = Objets
    .in_path = dans le chemin
    .in_query = après « ? »
    .in_header = un en-tête
SETTING_NO_NETWORK = « { $text } » n’est pas un réseau : écrivez une adresse avec la longueur de son préfixe, par exemple 10.0.0.0/8
SETTING_NO_ORIGIN = « { $text } » n’est pas une origine : écrivez le schéma et l’hôte en minuscules, sans chemin, par exemple https://hr.example, ou * pour toutes
DEMO_CONSOLE = Ouvrez http://{ $address } dans un navigateur ; Ctrl-C y met fin
DEMO_FIRST = À regarder d’abord : { $agent } voit le mois et la paie d’un agent, { $supervisor } qui détenait un compte et quand, hr1 clôture un mois, payroll, approver et payer le paient, auditor voit tout.
DEMO_GRPC = gRPC : http://{ $address }
UI_LANGUAGE_NAME = Français
UI_SKIP = Aller au contenu
UI_SCREENS = Écrans
UI_WAY_HERE = Où vous êtes
UI_HOME = Accueil
UI_GREETING = Bienvenue, { $name }
UI_LANGUAGE = Langue
UI_THEME = Couleurs
UI_THEME_AUTO = Comme le système
UI_THEME_LIGHT = Clair
UI_THEME_DARK = Sombre
UI_DENSITY = Lignes
UI_DENSITY_COMPACT = Compactes
UI_DENSITY_TOUCH = Écran tactile
UI_ZONE = Fuseau horaire, par exemple Asia/Shanghai
UI_KEEP_CHOICES = Appliquer
UI_SIGN_IN = Se connecter
UI_SIGN_OUT = Se déconnecter
UI_LOGIN = Identifiant de connexion
UI_PASSWORD = Mot de passe
UI_CODE = Code
UI_CODE_HINT = Les six chiffres qu’affiche votre application d’authentification, ou un code de récupération.
UI_NEW_PASSWORD = Nouveau mot de passe
UI_NEW_PASSWORD_HINT = Ce mot de passe ne valait que pour une connexion. Au moins 12 caractères ; quatre mots sans rapport entre eux conviennent bien.
UI_SESSION_OVER = Votre session est terminée. Connectez-vous pour continuer ; rien de ce que vous avez envoyé n’est perdu.
UI_SIGNED_IN_AGAIN = Vous êtes de nouveau connecté
UI_SEND_AGAIN_SAID = Ce que vous aviez envoyé est toujours là et n’a pas été exécuté.
UI_SEND_AGAIN = Envoyer maintenant
UI_TO_HOME = Vers l’accueil
UI_TRY_AGAIN = Réessayer
UI_FOR_SUPPORT = Pour l’assistance :
UI_NOT_FOUND = Rien ici
UI_NOT_ALLOWED = Accès non autorisé
UI_NOT_NOW = Impossible pour l’instant
UI_REFUSED = L’opération n’a pas abouti
UI_OPTIONAL = (facultatif)
UI_PUT_RIGHT = Veuillez corriger ce qui suit :
UI_SAVE = Enregistrer
UI_CANCEL = Annuler
UI_REMOVE = Supprimer
UI_YES = Oui
UI_NO = Non
UI_SEARCH = Rechercher
UI_ALL = tous
UI_GROUP_BY = Regrouper par
UI_NOT_GROUPED = Sans regroupement
UI_GROUPED_BY = Par { $column }
UI_COLUMNS = Colonnes
UI_SHOW = Afficher
UI_SHOW_ALL = Tout afficher
UI_PAGES = Pages
UI_PREVIOUS = Précédent
UI_NEXT = Suivant
UI_PAGE_OF = { $page } sur { $pages }
UI_ROWS =
    { $count ->
        [one] { $count } ligne
       *[other] { $count } lignes
    }
UI_ROWS_OF =
    { $count } sur { $total ->
        [one] { $total } ligne
       *[other] { $total } lignes
    }
UI_EXPORT = Télécharger en CSV
UI_NOTHING_FITS = Rien ne correspond à votre demande.
UI_NOTHING_THERE = Il n’y a encore rien ici.
UI_NOTHING_TO_DRAW = Il n’y a rien à représenter.
UI_LOADING = Chargement…
UI_AS_OF = Au
UI_NAME = Nom
UI_EMPLOYEE_NO = Matricule
UI_UNIT = Unité
UI_POSITION = Poste
UI_GRADE = Grade
UI_REGION = Région
UI_SINCE = Depuis
UI_STATE = État
UI_SHARE = Part
UI_AMOUNT = Montant
UI_DAY = Jour
UI_REASON = Motif
UI_REASON_HINT = Toute personne qui consultera ceci plus tard le lira.
UI_SURE = Oui, je confirme
UI_NO_PEOPLE = Dans votre périmètre, personne n’est en emploi ce jour-là.
UI_GALLERY = Composants
NAV_MINE = Mon espace
NAV_TEAM = Équipe
NAV_BRANCH = Succursale et groupe
NAV_PAY = Paie
NAV_AUDIT = Audit
NAV_PLATFORM = Plateforme
NAV_PEOPLE = Personnes
FORM_OF_ANOTHER_SITE = ceci a été envoyé par un autre site : ouvrez la page ici et envoyez-la d’ici
FORM_OUTDATED = cette page date d’une session antérieure : rechargez-la et envoyez-la de nouveau
NAV_WHY = Explication des droits
NAV_REVIEW = Revue des accès
NAV_GRANTS = Habilitations
NAV_LOGINS = Identifiants de connexion
NAV_ROLES = Rôles
NAV_DELEGATIONS = Délégations
NAV_EMERGENCIES = Accès d’urgence
NAV_KEYS = Clés d’API
NAV_PROVIDERS = Authentification unique
NAV_ACCOUNT = Mon compte
UI_KIND = Type
UI_PERSON = Personne
UI_WHO = Qui
UI_ROLE = Rôle
UI_ROLES = Rôles
UI_REACH = Périmètre
UI_DAYS = Jours
UI_CONDITION = Condition
UI_GIVEN_BY = Donnée par
UI_GIVEN_AT = Donnée le
UI_HOLDS_TODAY = Valable aujourd’hui
UI_HOLDS = Valable
UI_OVER = Terminé
UI_FIRST_DAY = Premier jour
UI_LAST_DAY = Dernier jour
UI_UNTIL_WHEN = Jusqu’à
UI_PERMISSION = Permission
UI_PERMISSIONS = Permissions
UI_PERMISSIONS_HINT = Des noms séparés par des virgules, par exemple attendance.roster.write. Ils figurent sur la page de chaque rôle.
UI_WHAT_FOR = Usage
UI_NEW_LOGIN = Nouvel identifiant
UI_LOGIN_HINT = Ce que la personne saisit pour se connecter ; personne d’autre dans cette installation ne peut avoir le même.
UI_PASSWORD_HINT = Au moins 12 caractères ; quatre mots sans rapport entre eux conviennent bien.
UI_LOGIN_OF = Vide pour un identifiant qui n’est à personne en particulier.
UI_RESET_PASSWORD = Nouveau mot de passe pour { $name }
UI_RESET_NOW = Créer un mot de passe à usage unique
UI_RESET_SAID = Toutes les sessions de cet identifiant prennent fin. Le mot de passe n’est affiché qu’une fois, vaut pour une seule connexion et doit alors être remplacé.
UI_FACTOR_LOST = Le second facteur est perdu : le retirer aussi
UI_ONE_TIME_PASSWORD = Mot de passe à usage unique
UI_ONE_TIME_SAID = Remettez-le en main propre ; il est valable jusqu’au { $until }, pour une seule connexion, et ne sera plus affiché.
UI_ONCE_SAID = Ceci n’est affiché qu’une fois. Rangez-le là où seul le programme le lit.
UI_WRITTEN_DOWN = C’est noté
UI_NEW_GRANT = Donner un rôle
UI_GRANT_SAID = Pour donner un rôle, il faut en détenir toutes les permissions là où il est donné. Il prend effet en une seconde.
UI_UNIT_OF_REACH = Pour les types qui désignent une unité.
UI_REGION_OF_REACH = Pour le type qui désigne une région, par exemple cn-north.
UI_WITH_FACTOR = Avec un second facteur
UI_ONLY_WITH_FACTOR = Seulement dans les sessions avec un second facteur
UI_ONLY_AT_HOURS = Seulement à ces heures
UI_HOURS_HINT = Par exemple 08:00-20:00 ; vide pour toujours.
UI_REVOKE_GRANT = Retirer le rôle
UI_REVOKE_SAID = { $name } perd le rôle { $role } ({ $reach }) en une seconde.
UI_NEW_ROLE = Nouveau rôle
UI_ROLE_READY = Prédéfini
UI_ROLE_OWN = Du groupe
UI_ROLE_READY_SAID = Ce rôle est prédéfini et ne peut pas être modifié. Définissez le vôtre s’il ne convient pas.
UI_ROLE_NAME_HINT = De 2 à 64 lettres minuscules, chiffres et _.
UI_NOBODY_HOLDS = Personne ne détient cette permission.
UI_MYSELF = Moi-même
UI_WHOLE_GROUP = Le groupe entier
UI_ASK = Demander
UI_ALLOWED = Autorisé
UI_NOT_ALLOWED_NOW = Non autorisé
UI_ROLES_THAT_GIVE = Rôles qui la donneraient :
UI_WHO_COULD_GIVE = Qui pourrait la donner :
UI_DELEGATOR = De
UI_DELEGATE = À
UI_DELEGATE_NOW = Déléguer
UI_DELEGATIONS_SAID = Une délégation prête une partie de vos propres permissions jusqu’à un moment donné. Son périmètre ne dépasse jamais le vôtre.
UI_TYPED_AT = À l’heure de { $zone }.
UI_TO_REVIEW = À examiner
UI_REVIEWED = Examiné
UI_NO_EMERGENCIES = Personne n’a déclaré d’urgence.
UI_OPEN_EMERGENCY = Déclarer une urgence
UI_EMERGENCIES_SAID = Un accès d’urgence ouvre des permissions pour une heure au plus. Il est signalé, et quelqu’un d’autre l’examine.
UI_EMERGENCY_OF = Accès d’urgence de { $name }
UI_END_EMERGENCY = Y mettre fin maintenant
UI_REVIEW_NOW = Examiner
UI_WHAT_WAS_FOUND = Conclusion de l’examen
UI_TICKET = Ticket
UI_REASON_TWENTY = Au moins 20 caractères ; la personne qui examine le lit.
UI_FOR_HOW_LONG = Pour combien de temps
UI_MINUTES =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
UI_SERVICE_ACCOUNT = Compte de service
UI_NEW_SERVICE_ACCOUNT = Nouveau compte de service
UI_SERVICE_ACCOUNT_SAID = Un programme a son propre compte de service, avec des rôles comme ceux d’une personne et des clés au lieu d’un mot de passe.
UI_NEW_KEY = Nouvelle clé
UI_API_KEY = Clé d’API
UI_KEYS_SAID = Les programmes échangent une clé contre un jeton valable dix minutes. Une clé peut être limitée à certaines permissions de son compte.
UI_KEY_PERMISSIONS_HINT = Des noms séparés par des virgules ; vide pour tout ce que le compte détient.
UI_KEY_YEAR = Dans 366 jours au plus.
UI_NO_KEY = Pas encore de clé
UI_ALL_OF_ACCOUNT = Tout ce que le compte détient
UI_LAST_USED = Dernière utilisation
UI_REVOKE_KEY = Révoquer la clé
UI_REVOKE_KEY_SAID = Le programme qui a la clé ne pourra plus se connecter. Cette action est irréversible.
UI_NO_PROVIDERS = Aucun fournisseur ne connecte vos utilisateurs.
UI_NEW_PROVIDER = Ajouter ou modifier un fournisseur
UI_PROVIDERS_SAID = Déclarez chez le fournisseur l’adresse de cette console suivie de { $path } comme adresse de retour.
UI_ISSUER = Émetteur
UI_CLIENT_ID = ID du client
UI_CLIENT_SECRET = Secret du client
UI_CLIENT_SECRET_HINT = Vide pour un client sans secret. Il n’est plus jamais affiché.
UI_CLAIM = Attribut de l’identifiant de connexion
UI_CLAIM_HINT = Par exemple email, pris seulement s’il est vérifié.
UI_REDIRECT = Adresse de retour
UI_PROVIDER_NAME_HINT = Le nom sous lequel on le choisit : de 2 à 50 lettres minuscules, chiffres et -.
UI_PROVIDER_REGION_HINT = La région dont les personnes peuvent l’utiliser, ou * pour toutes.
UI_SSO = Se connecter avec votre organisation
UI_SSO_PROVIDER = Nom du fournisseur
UI_SSO_SAID = Vous allez être dirigé vers le fournisseur de votre organisation, où vous vous connecterez.
UI_GO_ON = Continuer
UI_SESSIONS = Sessions
UI_THIS_ONE = Celle-ci
UI_END_SESSION = Mettre fin
UI_END_ALL_SESSIONS = Se déconnecter partout
UI_CHANGE_PASSWORD = Changer le mot de passe
UI_CHANGE_PASSWORD_SAID = Vos autres sessions prennent fin.
UI_ADD_FACTOR = Ajouter un second facteur
UI_REMOVE_FACTOR = Retirer le second facteur
UI_FACTOR_SAID = Ouvrez votre application d’authentification, ajoutez-y cette clé, puis saisissez les six chiffres qu’elle affiche.
UI_FACTOR_SECRET = Clé
UI_FACTOR_OPEN = Ouvrir dans une application d’authentification sur cet appareil
UI_CODE_OF_NEW = Les six chiffres que l’application d’authentification affiche maintenant.
UI_CONFIRM = Confirmer
UI_RECOVERY_CODE = Code de récupération
UI_RECOVERY_SAID = Chacun de ces codes remplace une seule fois celui de l’application d’authentification, si vous la perdez. Ils ne seront plus affichés.
WORD_SCOPE_KIND_SELF = Soi-même
WORD_SCOPE_KIND_REPORTS = Ses subordonnés
WORD_SCOPE_KIND_UNIT = Une unité
WORD_SCOPE_KIND_SUBTREE = Une unité et toutes celles en dessous
WORD_SCOPE_KIND_LEGAL_ENTITY = Une entité juridique
WORD_SCOPE_KIND_REGION = Une région
WORD_SCOPE_KIND_TENANT = Le groupe entier
WORD_ROLE_AGENT = Agent
WORD_ROLE_SUPERVISOR = Superviseur
WORD_ROLE_BRANCH_HR = RH de succursale
WORD_ROLE_GROUP_HR = RH du groupe
WORD_ROLE_COMPENSATION_SPECIALIST = Spécialiste de la rémunération
WORD_ROLE_APPROVER = Approbateur
WORD_ROLE_INTEGRATOR = Intégrateur
WORD_ROLE_AUDITOR = Auditeur
WORD_ROLE_PLATFORM_OPERATOR = Exploitant de la plateforme
WORD_ROLE_GROUP_ADMIN = Administrateur du groupe
WORD_LOGIN_KIND_PERSON = Personne
WORD_LOGIN_KIND_USER = À personne en particulier
WORD_LOGIN_KIND_SERVICE_ACCOUNT = Programme
WORD_GRANT_VERDICT_ALLOWS = Autorise ceci
WORD_GRANT_VERDICT_OUT_OF_REACH = Son rôle donne la permission, mais ceci est hors de son périmètre
WORD_GRANT_VERDICT_CONDITION_UNMET = Elle l’autoriserait avec un second facteur, ou à une autre heure
WORD_GRANT_VERDICT_NOT_NOW = Elle l’autoriserait à d’autres dates
WORD_GRANT_VERDICT_NOT_ENTITLED = Le groupe n’a pas le module
WORD_GRANT_VERDICT_ROLE_LACKS = Son rôle ne donne pas la permission
WORD_MODULE_IDENTITY = Identité
WORD_MODULE_ATTENDANCE = Temps de service
WORD_MODULE_PERFORMANCE = Performance
WORD_MODULE_COMPENSATION = Rémunération
WORD_MODULE_TALENT = Talents
WORD_MODULE_SUITE = Toutes les parties
DONE_GRANT_GIVEN = Le rôle est donné.
DONE_GRANT_TAKEN = Le rôle est retiré.
DONE_ROLE_DEFINED = Le rôle est enregistré.
DONE_DELEGATED = Délégation enregistrée.
DONE_DELEGATION_ENDED = La délégation est terminée.
DONE_EMERGENCY_OPENED = L’urgence est déclarée ; elle est signalée.
DONE_EMERGENCY_ENDED = L’accès d’urgence est terminé.
DONE_EMERGENCY_REVIEWED = L’examen est enregistré.
DONE_ACCOUNT_MADE = Le compte est créé.
DONE_KEY_REVOKED = La clé est révoquée.
DONE_PROVIDER_KEPT = Le fournisseur est enregistré.
DONE_PROVIDER_REMOVED = Le fournisseur est supprimé.
DONE_PASSWORD_CHANGED = Le mot de passe est changé ; vos autres sessions ont pris fin.
DONE_FACTOR_REMOVED = Le second facteur est retiré.
DONE_SESSION_ENDED = La session a pris fin.
DONE_SESSIONS_ENDED = Vous êtes déconnecté partout.
SSO_OF_ANOTHER_BROWSER = cette connexion a commencé dans un autre navigateur, ou il y a trop longtemps : recommencez ici
NAV_ORG = Organisation
NAV_CORRECTIONS = Corrections
NAV_ACCOUNTS = Comptes
NAV_ALIASES = Alias
NAV_DEVICES = Appareils
NAV_SITES = Sites
NAV_CATALOGUE = Postes et grades
UI_ABOUT = À propos de
UI_ACCOUNT = Compte
UI_ACCOUNT_HINT = Tel qu’on s’y connecte sur la plateforme.
UI_ACTIONS = Modifier
UI_ADD_ACCOUNT = Ajouter un compte
UI_ADD_ALIAS = Ajouter un alias
UI_ADD_DEVICE = Ajouter un appareil
UI_ADD_ENTRY = Ajouter un poste ou un grade
UI_ADD_PERSON = Ajouter une personne
UI_ADD_PHASE = Changer son utilisation
UI_ADD_PHASE_SAID = Les jours précédents restent inchangés. Seule une phase ultérieure peut être ajoutée : ce qui est passé reste tel qu’il a été dit.
UI_ADD_SITE = Ajouter un site
UI_ADD_UNIT = Ajouter une unité
UI_ADD_UNIT_BELOW = Ajouter une unité en dessous
UI_AFTER = Après
UI_ALIAS = Alias
UI_ALIAS_END = Mettre fin à l’alias
UI_ALIAS_MOVE = Le donner à quelqu’un d’autre
UI_ALL_STATES = Tous
UI_ALWAYS = Toujours
UI_APPROVE = Approuver
UI_APPROVED = Approuvé
UI_ASKED = Demandé
UI_ASKED_AT = Demandé le
UI_ASKED_BY = Demandé par
UI_AS_HOME = Vide : comme dans l’emploi principal.
UI_AT_ONCE = Conversations à la fois
UI_AT_ONCE_HINT = Combien une même personne peut en mener à la fois : 1 pour la voix.
UI_BACKDATED = Le début est voulu avant ce mois-ci : les mois clôturés sont alors lus d’après ce que l’on sait aujourd’hui
UI_BEFORE = Avant
UI_CATALOGUE_SAID = Le même code une seconde fois, avec un premier jour ultérieur, indique ce qui vaut à partir de ce jour. Sans aucune entrée, tout poste et tout grade peuvent être écrits.
UI_CODE_NAME = Code
UI_CODE_NAME_HINT = Ce que les emplois indiquent, par exemple agent ou P3.
UI_CORRECTION_ABOUT_YOU = Ceci vous concerne : quelqu’un d’autre décide.
UI_CORRECTION_DECIDE = Quelqu’un d’autre l’a demandé. À partir de votre approbation, cela compte.
UI_CORRECTION_LOOK = En attente de quelqu’un qui a le droit d’approuver les corrections.
UI_CORRECTION_OVER = Il n’y a plus rien à décider.
UI_CORRECTION_OWN = Vous l’avez demandé : quelqu’un d’autre décide. Vous pouvez la retirer tant qu’elle attend.
UI_COUNTS_NO_MORE = Ceci ne compte plus et reste dans la liste, car rien de ce qui a été enregistré n’est supprimé.
UI_CUT_OVER = Heure de bascule
UI_CUT_OVER_HINT = À cette heure de la nuit, une journée de travail finit et la suivante commence.
UI_DEED_CANCEL = Abandonner ce qui est prévu
UI_DEED_CANCEL_SAID = Ce qui était prévu à partir de ce jour n’a pas lieu ; ce qui vaut aujourd’hui reste.
UI_DEED_CORRECT_START = Corriger le premier jour
UI_DEED_CORRECT_START_SAID = Pour un premier jour mal noté. Ce qui était connu auparavant reste au dossier.
UI_DEED_END = Mettre fin à l’emploi
UI_DEED_END_SAID = Tous les cumuls, détachements et congés prennent fin ce jour-là aussi.
UI_DEED_END_LEAVE = Mettre fin au congé
UI_DEED_END_LINE = Mettre fin au rattachement
UI_DEED_END_POST = Mettre fin au cumul ou au détachement
UI_DEED_LEAVE = Congé
UI_DEED_LINE = Définir le responsable
UI_DEED_LINE_SAID = Un rattachement hiérarchique remplace, pour ses dates, celui qui est en vigueur.
UI_DEED_POST = Détachement ou cumul
UI_DEED_RECTIFY = Rectifier le nom ou le matricule
UI_DEED_RECTIFY_SAID = Seulement pour ce qui a été mal écrit. Le mot erroné disparaît alors ; le journal d’audit garde la trace de la modification.
UI_DEED_REHIRE = Réembaucher
UI_DEED_TRANSFER = Mutation ou promotion
UI_DEED_TRANSFER_SAID = À partir de ce jour ; ce qui précède reste. Un autre grade est une promotion.
UI_DEVICE = Appareil
UI_DEVICES_ALIASES = Alias et appareils
UI_DEVICE_END = Mettre fin à l’appareil
UI_DEVICE_HINT = Tel que le poste de travail ou la plateforme le nomme, majuscules comprises.
UI_DEVICE_MOVE = Le donner à quelqu’un d’autre
UI_EMPLOYED_AS = Type d’emploi
UI_EMPLOYEE_NO_HINT = Le numéro que le groupe donne à cette personne ; personne d’autre n’a le même.
UI_EMPLOYMENTS = Emplois
UI_EMPTY_STAYS = Vide : reste inchangé.
UI_EVIDENCE = Ce qui le montre
UI_EXCLUSIVE = Une seule personne à la fois
UI_EXCLUSIVE_FIELD = Une seule personne peut le détenir à la fois
UI_FACT = Fait
UI_FACTS = Faits
UI_FROM_BEGINNING_HINT = Vide : depuis le début.
UI_FROM_ON = À partir du { $from }
UI_FROM_TIME = De
UI_FROM_TO = Du { $from } au { $to }
UI_FROM_WHEN = À partir de quand
UI_GONE_UNITS = Unités fermées
UI_HANDOVER = Passation
UI_HIDDEN = masqué pour vous
UI_HISTORY = Historique
UI_ID_NUMBER = Numéro de pièce d’identité
UI_ITS_ZONE = Fuseau horaire
UI_KNOWN_ON = Tel que connu le
UI_LADDER = Rang dans l’échelle
UI_LADDER_HINT = Pour les grades seulement, à partir de 1 : plus c’est élevé, plus le grade est haut.
UI_LEAVES = Congés
UI_LEAVE_KIND = Motif
UI_LEAVE_REASON = Motif en toutes lettres
UI_LEAVE_REASON_HINT = Seules le lisent les personnes qui ont le droit de lire pourquoi quelqu’un est absent.
UI_LINE_KIND = Type de rattachement
UI_LOOK = Voir ce que cela touche
UI_MANAGER = Responsable
UI_MERGE_ALSO = Et aussi cette unité
UI_MERGE_INTO = Dans quelle unité
UI_MOVE_PEOPLE_HINT = Nécessaire tant que quelqu’un y est en emploi.
UI_MOVE_PEOPLE_TO = Les personnes et les comptes vont à
UI_NAME_HIDDEN = Nom masqué pour vous
UI_NEW_PARENT = Sous quelle unité
UI_NEW_PERSON = À qui il est ensuite
UI_NOBODY = Personne
UI_NOBODY_CALLED = rien dans la liste ne s’appelle « { $text } » : choisissez dans la liste
UI_NONE_KNOWN = aucun connu
UI_NOTHING_AFTER = Cela n’a jamais eu lieu, ou ne compte plus.
UI_NOTHING_BEFORE = Rien n’était enregistré.
UI_NOT_EMPLOYED = Sans emploi ce jour-là
UI_NOT_SAID = non indiqué
UI_NO_ACCOUNTS = Il n’y a aucun compte dans votre périmètre : ajoutez le premier, ou importez-les d’un fichier.
UI_NO_ALIASES = Aucun alias n’est connu dans votre périmètre.
UI_NO_CATALOGUE = Il n’y a pas de catalogue ce jour-là : tout poste et tout grade peuvent être écrits.
UI_NO_CORRECTIONS = Il n’y a aucune correction dans cet état.
UI_NO_CORRECTIONS_WAITING = Rien n’attend de décision.
UI_NO_DEVICES = Aucun appareil n’est connu dans votre périmètre.
UI_NO_DEVICES_ALIASES = Aucun n’est connu pour cette personne.
UI_NO_EMPLOYMENTS = Aucun emploi n’est connu dans votre périmètre.
UI_NO_LEAVES = Aucun congé n’est connu.
UI_NO_MANAGER = N’a pas de responsable ce jour-là.
UI_NO_REASON = Aucun motif n’a été indiqué.
UI_NO_SITES = Il n’y a pas encore de site : ajoutez le premier.
UI_NO_SLASH = un seul nom, sans « / » : l’unité supérieure se choisit à part
UI_NO_UNITS = Il n’y a aucune unité ce jour-là dans votre périmètre.
UI_NO_USES = On ne sait de personne qu’il ait travaillé sur un appareil ces jours-là.
UI_OF_PERSON = d’une personne
UI_OF_SEAT = d’une place
UI_ONE_OF_BOTH = une personne ou une place, pas les deux
UI_ONLY_NEWEST = Seules les { $count } plus récentes sont affichées : choisissez un état pour en voir moins.
UI_ON_DAY = Au { $day }
UI_OPEN_END_HINT = Vide : aucune fin n’est connue.
UI_ORG_COUNTED =
    { $units ->
        [one] { $units } unité
       *[other] { $units } unités
    }, { $count ->
        [one] { $count } personne
       *[other] { $count } personnes
    }
UI_OWN_ZONE = Fuseau horaire
UI_PARENT_NOT_THERE = cette unité n’existe pas ce jour-là
UI_PATH = Chemin
UI_PATHS = Unités
UI_PEOPLE_BELOW = Personnes, toutes les unités en dessous comprises
UI_SEVERAL_CALLED = plusieurs s’appellent « { $text } » : { $names }
NAV_CYCLES = Cycles
NAV_SCHEMES = Barèmes
NAV_MEASURES = Mesures
NAV_RUNS = Attribution
NAV_OBSERVATIONS = Observations
PAGE_OUTDATED = le résultat a été recalculé depuis que vous avez ouvert cette page : regardez-le tel qu’il est maintenant, et envoyez de nouveau
UI_SAY_SURE = cochez cette case pour continuer
UI_VERSION = Version
UI_INDICATORS = Indicateurs
UI_NO_SCHEMES = Il n’y a pas encore de barème. Partez d’un modèle ci-dessous, ou créez-en un.
UI_REFINEMENT = Décline un standard
UI_STANDARD = Standard
UI_STANDARD_BINDING = Standard, obligatoire
UI_OWN_SCHEME = Indépendant
UI_WITHDRAWN_FROM = Retiré à partir du { $day }
UI_IN_USE = En vigueur
UI_WITHDRAWN_BECAUSE = Retiré à partir du { $day } : { $reason }
UI_SUPERSEDED_BY = Utilisez la version { $version } à sa place.
UI_NEW_SCHEME = Nouveau barème
UI_SCHEME_TEMPLATES = Modèles de départ
UI_BEGIN_WITH_IT = Partir de celui-ci
UI_NEW_VERSION = Nouvelle version
UI_REFINE_IT = Le décliner
UI_WHAT_IT_IS = Description
UI_SIDE_BY_SIDE = Versions côte à côte
UI_BESIDE = à côté de la version
UI_DIFFERING =
    { $count ->
        [0] Elles sont identiques en tout.
        [one] Une ligne diffère ; elle est marquée.
       *[other] { $count } lignes diffèrent ; elles sont marquées.
    }
UI_DIFFERS = (diffère)
UI_REFINEMENTS = Barèmes qui le déclinent
UI_SCORED_BY_IT = Cycles notés avec lui
UI_WITHDRAW_SCHEME = Retirer
UI_WITHDRAW_VERSION_HINT = Vide : tout le barème.
UI_WITHDRAW_FROM = À partir de ce jour
UI_SUPERSEDED = Version à utiliser à sa place
UI_SUPERSEDED_HINT = Vide : aucune.
UI_VERSION_N = Version { $version }
UI_NAME_VERSION = { $name }, version { $version }
UI_REFINES = Décline
UI_COLLABORATION = Des points de collaboration s’ajoutent
UI_COLLABORATION_POINTS = Points de collaboration
UI_CURRENCY = Devise
UI_CURRENCY_HINT = Trois lettres, par exemple CNY. Vide : celle du groupe.
UI_WRITTEN_IN = Écrit dans la région
UI_INDICATOR_OF_TARGET = Compte pour { $weight } sur 100. Cible : { $target } ({ $direction }) ; points en proportion de la cible, au moins { $floor } et au plus { $cap }.
UI_INDICATOR_OF_GROUP = Compte pour { $weight } sur 100 ({ $direction }). Points : { $how }, au moins { $floor } et au plus { $cap }.
UI_INDICATOR_SMALL =
    { $small ->
        [one] En dessous de { $small } enregistrement mesuré, il est ramené vers le groupe.
       *[other] En dessous de { $small } enregistrements mesurés, il est ramené vers le groupe.
    }
UI_TEAM_MEDIAN = la médiane de l’équipe
UI_WEIGHT_BETWEEN = Une déclinaison peut lui donner un poids de { $least } à { $most }.
UI_WEIGHT_FIXED = Une déclinaison le garde tel quel.
UI_MAY_BE_LEFT_OUT = Il peut être omis.
UI_WEIGHT = Poids
UI_TARGET = Cible
UI_TARGET_HINT = Vide : la médiane de l’équipe.
UI_DIRECTION = Sens
UI_HOW_POINTS = Conversion en points
UI_FLOOR_CAP = Plancher et plafond
UI_FLOOR = Plancher
UI_CAP = Plafond
UI_SMALL_SAMPLE = Petit échantillon en dessous de
UI_SMALL_SAMPLE_HINT = En dessous de ce nombre d’enregistrements, une valeur est ramenée vers celle du groupe. Vide : jamais.
UI_UNIT_OF_MEASURE = Unité de mesure
UI_KEY = Nom court
UI_KEY_HINT = Vide : tiré de la mesure.
UI_MAY_BE_REFINED = Les unités en dessous peuvent le décliner
UI_MUST_BE_REFINED = Les unités en dessous ne peuvent avoir aucun barème qui ne le décline pas
UI_WITHIN = Le poids peut varier de
UI_WITHIN_HINT = Points en plus ou en moins dans une déclinaison. Vide : pas du tout.
UI_MEASURE = Mesure
UI_INDICATOR_N = Indicateur { $number }
UI_FROM_VERSION = À partir de la version { $version }. Les versions précédentes restent inchangées.
UI_FROM_STANDARD = Décline { $name }, version { $version } : modifiez ce qu’il laisse ouvert.
UI_FROM_TEMPLATE = À partir d’un modèle. Indiquez vos propres cibles.
UI_FROM_NOTHING = Indiquez ce qui compte, et combien : la somme des poids est exactement 100.
UI_NEW_VERSION_OF = Nouvelle version de { $name }
UI_SUM_WHOLE = La somme des poids est { $said } : il peut être enregistré.
UI_SUM_SHORT = La somme des poids est { $said } sur 100 : il manque { $rest }.
UI_SUM_OVER = La somme des poids est { $said } : { $rest } de plus que 100.
UI_CHECK = Vérifier
UI_ADD_INDICATOR = Ajouter un indicateur
UI_UNIT_OR_GROUP_HINT = Vide : le groupe entier.
UI_NEW_MEASURE = Nouvelle mesure
UI_NO_MEASURES = Il n’y a pas encore de mesure.
UI_NO_MEASURE = cette mesure n’existe pas, ou vous n’avez pas le droit de la voir
UI_MEASURES_WHAT = Ce qu’elle mesure
UI_SUPPLIED = Intégrée
UI_RETIRED = Hors service
UI_RETIRED_BECAUSE = { $at } : { $reason }
UI_REVISION = Révision
UI_RETIRE = Mettre hors service
UI_RETIRE_SAID = Aucune nouvelle version de barème ne pourra plus l’indiquer. Les versions existantes gardent leur copie.
UI_CHANGE_IT = La modifier
UI_MEASURE_OTHER_KIND = Ce dont cette mesure est faite se modifie par l’API ; son nom, son unité et son sens se modifient ici.
UI_TITLE_EN = Nom en anglais
UI_TITLE_ZH = Nom en chinois
UI_MEASURE_KEY_HINT = Ce par quoi les barèmes l’indiquent, par exemple quality_check. Il ne change jamais.
UI_MIN_COUNT = Nombre minimal
UI_MIN_COUNT_HINT = En dessous, rien ne compte comme mesuré. Vide : pas de règle.
UI_OF_RECORDS = À partir des enregistrements
UI_OF_OBSERVATIONS = À partir des observations
UI_OF_RATIO = Une mesure divisée par une autre
UI_OBSERVED_OF = Porte sur
UI_AGGREGATION = Agrégation des valeurs
UI_RECORD_VALUE = Valeur de l’enregistrement
UI_RECORD_VALUE_HINT = first_reply_seconds, duration_seconds, resolved, rating, amount, ou l’une de vos colonnes. Vide quand on compte les enregistrements.
UI_TEST = Compte comme un oui
UI_TEST_VALUE = par rapport à cette valeur
UI_RECORD_KINDS = Types d’enregistrements
UI_LIST_HINT = Séparez par des virgules. Vide : tous.
UI_RATIO_OF = Ce qui est divisé
UI_RATIO_PER = Par quoi
UI_IN_PERCENT = En pourcentage
UI_NEW_CYCLE = Nouveau cycle
UI_NO_CYCLES = Il n’y a pas encore de cycle dans votre périmètre. Créez-en un pour un mois, et clôturez-le quand ses enregistrements sont là.
UI_PERIOD = Période
UI_SCHEME = Barème
UI_PEOPLE_IN = Personnes avec une fiche
UI_PUBLISHED_AT = Publié le
UI_CORRECTION_OF = Correction de { $name }
UI_MAKE_CYCLE = Créer le cycle
UI_POPULATION = Qui en fait partie
UI_POPULATION_SAID = Vide : toutes les personnes de l’unité et de celles en dessous.
UI_POSITIONS = Postes
UI_GRADES = Grades
UI_INCLUDE = Inclure aussi
UI_EXCLUDE = Exclure
UI_PEOPLE_HINT = Des matricules, séparés par des virgules ou un par ligne.
UI_AS_OF_DAY = D’après l’emploi au
UI_AS_OF_DAY_HINT = Vide : le dernier jour de la période.
UI_PREVIEW_POPULATION = Voir qui en fait partie
UI_IS_IN = En fait partie
UI_IS_OUT = N’en fait pas partie
UI_WHY = Pourquoi
UI_EVERYBODY_OF_UNIT = Toutes les personnes de l’unité et de celles en dessous
UI_RUN = Calcul d’attribution
UI_OPEN_RUN = Ouvrir le calcul
UI_CORRECTS = Corrige
UI_OPEN_CORRECTED = Ouvrir le résultat publié
UI_RESULT_VERSION = Version du résultat
UI_STEP_MADE = Créé
UI_STEP_TO_CLOSE = À clôturer quand ses enregistrements sont là
UI_STEP_CLOSING = Clôture en cours : les enregistrements sont attribués, les fiches sont notées
UI_STEP_FAILED = N’a pas pu être clôturé
UI_STEP_CLOSED = Clôturé : chaque fiche est notée
UI_STEP_REVIEW = À examiner, puis à publier
UI_STEP_PUBLISHED = Publié : tout le monde connaît le résultat
UI_PROGRESS = Avancement
UI_LOOK_AGAIN = Actualiser
UI_DONE_OF = { $done } sur { $total }
UI_WAITS_FOR_WORKER = Attend son tour
UI_CLOSE_CYCLE = Clôturer le cycle
UI_CLOSE_AGAIN = Le clôturer de nouveau
UI_CANCEL_CLOSING = Arrêter la clôture
UI_CANCEL_CORRECTION = Abandonner la correction
UI_CANCEL_SAID = Ce qui a été calculé est abandonné ; rien d’autre ne change.
UI_CORRECT_CYCLE = Corriger le résultat
UI_CORRECT_SAID = Il est recalculé d’après les faits tels qu’ils sont maintenant, à côté du résultat publié ; personne ne le connaît avant sa publication.
UI_CORRECT_REASON_HINT = Toute personne qui a une fiche le lit.
UI_SCHEME_VERSION = Version du barème
UI_SCHEME_VERSION_HINT = Vide : celle qui a été utilisée.
UI_PUBLISH_RESULT = Publier le résultat
UI_PUBLISH_SURE = Oui, tout le monde peut le connaître
UI_PUBLISH_SAID = Toute personne qui a une fiche le voit, et la paie s’en sert. Un résultat publié ne change jamais ; seule une nouvelle version peut le corriger.
UI_PUBLISH_NOT_YOURS = Ici, la publication revient à quelqu’un d’autre.
UI_PUBLISHED_ALREADY = Ce résultat est déjà publié ; rien n’a été fait deux fois.
UI_PUBLISH_NOTHING_YET = Il n’y a pas encore de résultat à publier : clôturez d’abord le cycle.
UI_BACK_TO_CYCLE = Retour au cycle
UI_REVIEW = Le résultat
UI_RECORDS = Enregistrements
UI_CREDITED = Attribués
UI_UNATTRIBUTED = Attribués à personne
UI_CREDITED_WITHIN = Attribués dans le cycle
UI_CREDITED_OUTSIDE =
    { $people ->
        [one] { $records } à une autre personne
       *[other] { $records } à { $people } autres personnes
    }
UI_CORRECTED_PEOPLE = Personnes dont la fiche diffère
UI_HOW_CREDITED = Comment les enregistrements ont été attribués
UI_DISTRIBUTION = Répartition des scores
UI_SCORE_BETWEEN = de { $from } à moins de { $to }
UI_PEOPLE_COUNT =
    { $count ->
        [one] { $count } personne
       *[other] { $count } personnes
    }
UI_PEOPLE_HERE = Personnes de cette unité même
UI_PEOPLE_OF =
    { $count ->
        [one] { $count } personne
       *[other] { $count } personnes
    }, dont { $own } ici
UI_PERSON_OR_SEAT = Personne ou place
UI_PERSON_OR_SEAT_HINT = Indiquez la personne ou la place.
UI_PHASE = Utilisation
UI_PHASES = Utilisation, par date
UI_PHASE_HINT = Partagé : plusieurs personnes sous un même nom. Nominatif : chaque enregistrement porte son agent. Mixte : en transition.
UI_PLATFORM = Plateforme
UI_POST = Lequel des deux
UI_PUNCH = Pointage
UI_REJECT = Rejeter
UI_REJECTED = Rejeté
UI_REPORTS = Dépendent de cette personne
UI_REPORTS_TO = Dépend de
UI_RESULTS = Résultats
UI_SEAT = Place
UI_SEAT_HINT = Telle que les plannings la nomment ; la personne qui y est au planning travaille sur l’appareil.
UI_SEAT_UNIT = Unité à laquelle la place appartient
UI_SHIFT = Vacation
UI_SOME_HIDDEN = Une partie vous est masquée : vos habilitations n’y donnent pas accès.
UI_STORE = Boutique
UI_TEAM = Équipe
UI_TEAM_HINT = L’équipe qui le sert. Vide : il est au groupe entier.
UI_TICK_SURE = cochez d’abord ceci
UI_TITLE = Nom affiché
UI_TODAY = Aujourd’hui
UI_TOUCHES = Ce que cela touche
UI_TOUCHES_SAID = Rien n’a été écrit : voici ce que cela donnerait.
UI_TO_TIME = À
UI_UNITS_BELOW = Unités en dessous
UI_UNIT_CLOSE = Fermer l’unité
UI_UNIT_CLOSE_SAID = Elle ne doit alors avoir aucune unité en dessous. Ses personnes et ses comptes vont où vous l’indiquez ; le passé reste.
UI_UNIT_KIND_HINT = Vide : une succursale au premier niveau, sinon une équipe.
UI_UNIT_MERGE = Fusionner avec une autre unité
UI_UNIT_MERGE_SAID = Les unités en dessous, les personnes et les comptes vont à l’autre unité, et celle-ci ferme.
UI_UNIT_MOVE = Déplacer sous une autre unité
UI_UNIT_MOVE_SAID = À partir de ce jour, avec toutes les unités en dessous ; le passé garde l’ancien emplacement. Seulement à l’intérieur d’une région.
UI_UNIT_NOT_ON_DAY = Cette unité n’existe pas ce jour-là : elle est affichée telle qu’elle était en dernier, ou telle qu’elle commence.
UI_UNIT_REGION_HINT = Pour une succursale au premier niveau ; les unités en dessous ont celle de leur succursale.
UI_UNIT_RENAME = Renommer l’unité
UI_UNIT_RENAME_SAID = À partir de ce jour ; le passé garde l’ancien nom.
UI_UNTIL = Jusqu’au { $to }
UI_WENT_INTO = Fusionnée dans { $unit }
UI_WHAT = Quoi
UI_WHOLE_NUMBER = un nombre entier
UI_WHOSE = À qui
UI_WHO_USED_WHAT = Qui a utilisé quoi
UI_WHY_HIDDEN = Le motif vous est masqué
UI_WHY_NOT_SAID = Motif non indiqué
UI_WITHDRAW = Retirer
UI_WITHDRAWN = Retiré
UI_YOU = Vous
UI_ZONE_HINT = Vide : celui du groupe.
DONE_PERSON_ADDED = La personne est ajoutée
DONE_PERSON_CHANGED = La modification est enregistrée
DONE_ORG_CHANGED = L’organisation est modifiée
DONE_ACCOUNT_ADDED = Le compte est ajouté
DONE_PHASE_ADDED = La modification est enregistrée
DONE_ALIAS_CHANGED = L’alias est enregistré
DONE_DEVICE_CHANGED = L’appareil est enregistré
DONE_SITE_ADDED = Le site est ajouté
DONE_ENTRY_ADDED = L’entrée est enregistrée
DONE_CORRECTION_APPROVED = Approuvé : cela compte à partir de maintenant
DONE_CORRECTION_REJECTED = Rejeté
DONE_CORRECTION_WITHDRAWN = Retiré
WORD_POST_HOME = Emploi principal
WORD_POST_CONCURRENT = Cumul
WORD_POST_SECONDMENT = Détachement
WORD_EMPLOYMENT_REASON_HIRE = Embauche
WORD_EMPLOYMENT_REASON_REHIRE = Réembauche
WORD_EMPLOYMENT_REASON_TRANSFER = Mutation
WORD_EMPLOYMENT_REASON_PROMOTION = Promotion
WORD_EMPLOYMENT_REASON_SECONDMENT = Détachement
WORD_EMPLOYMENT_REASON_CONCURRENT_POST = Cumul
WORD_EMPLOYMENT_REASON_REORGANISATION = Réorganisation
WORD_LEAVE_KIND_SICK = Maladie
WORD_LEAVE_KIND_WORK_INJURY = Accident du travail
WORD_LEAVE_KIND_MATERNITY = Maternité
WORD_LEAVE_KIND_PARENTAL = Congé parental
WORD_LEAVE_KIND_CARE = Proche aidant
WORD_LEAVE_KIND_UNPAID = Sans solde, à la demande de la personne
WORD_LEAVE_KIND_OTHER = Autre
UI_MOVERS = Plus grandes évolutions
UI_AGAINST = Par rapport à { $name }
UI_NOBODY_MOVED = Aucun score n’a changé.
UI_SCORE_RANK = { $score }, rang { $rank }
UI_NOW = Maintenant
UI_DROPPED = Indicateurs écartés
UI_FINDINGS = À examiner
UI_FINDINGS_ALL =
    { $count ->
        [0] Rien d’anormal.
        [one] Un constat.
       *[other] { $count } constats.
    }
UI_FINDINGS_MORE =
    { $count ->
        [one] Le premier constat ({ $count }) ; il y en a d’autres.
       *[other] Les { $count } premiers constats ; il y en a d’autres.
    }
UI_FINDINGS_FIRST = Les premiers constats
UI_CARDS = Fiches
UI_NO_CARDS = Il n’y a aucune fiche que vous puissiez voir.
UI_RANK = Rang
UI_SCORE = Score
UI_CREDITED_RECORDS = Enregistrements attribués
UI_COMPARE_CARDS = Comparer les fiches
UI_WITH_PERSON = Avec
UI_CHOOSE_PEOPLE = Choisissez des personnes ci-dessus : leurs fiches s’affichent ici côte à côte.
UI_CHANGED_SINCE = Changé depuis le calcul
UI_NOTHING_CHANGED = Rien : une nouvelle clôture donnerait le même résultat.
UI_CHANGED_ACCOUNTS =
    { $accounts ->
        [one] Quelque chose a changé sur un compte.
       *[other] Quelque chose a changé sur { $accounts } comptes.
    }
UI_CHANGED_OBSERVATIONS =
    { $observations ->
        [one] Une observation est arrivée ou a changé.
       *[other] { $observations } observations sont arrivées ou ont changé.
    }
UI_CHANGED_OTHERS =
    { $others ->
        [one] Ainsi qu’un compte que vous n’avez pas le droit de voir.
       *[other] Ainsi que { $others } comptes que vous n’avez pas le droit de voir.
    }
UI_CHANGED_RATE = Le taux de { $from } en { $to } a changé.
UI_CHANGES_REMOVED = Ce qui est antérieur au { $day } a pu être supprimé à l’échéance et n’est pas comparé au résultat.
UI_CHANGED_ON_ACCOUNT = modifications d’enregistrements : { $records } ; jours dont le service diffère : { $days }
UI_CARD = Fiche
UI_OF_CARDS = sur { $of }
UI_OUTSIDE_OWN = dont { $records } en dehors du planning ou de l’équipe de la personne
UI_POINTS_BY_INDICATOR = Points par indicateur
UI_STEP_BY_STEP = Étape par étape
UI_VALUE = Valeur
UI_ADJUSTED = Après la règle des petits échantillons
UI_POINTS = Points
UI_WEIGHTED = Points pondérés
UI_MEASURED_ON = Enregistrements mesurés
UI_CARD_VERSIONS = Versions de cette fiche
UI_VERSIONS_BESIDE = Versions de la fiche côte à côte
UI_NO_CARD_THEN = pas de fiche
UI_NOT_PUBLISHED_YET = Ce résultat n’est pas encore publié : seules le voient les personnes qui l’examinent.
UI_OPEN_PERSON = Ouvrir la personne
UI_DIGEST = Empreinte des données d’entrée
UI_NEW_RUN = Lancer un calcul
UI_NO_RUNS = Il n’y a encore aucun calcul. La clôture d’un cycle en lance un ; cette page aussi, avant toute notation.
UI_STARTED = Lancé le
UI_CYCLE = Cycle
UI_RULES = Règles
UI_PEOPLE_CREDITED = Personnes avec attribution
UI_ACCOUNTS = Comptes
UI_TOTALS = Totaux par personne
UI_AT_LEAST = Au moins
UI_AT_MOST = Au plus
UI_NAMED_SHARE = Dont certain
UI_CANCEL_RUN = Arrêter le calcul
UI_START_RUN = Lancer
UI_RUN_SAID = Attribue les enregistrements de quelques jours, pour corriger ce qui est anormal avant la clôture d’un cycle. Aucun score n’est calculé.
UI_NO_OBSERVATIONS = Rien n’a été observé ici. Les observations viennent d’un import, ou d’autres systèmes par l’API.
UI_NO_OBSERVATION = cette observation n’existe plus
UI_SOURCE = Source
UI_CAME_AT = Arrivée le
UI_COUNTS = Compte
UI_WITH_VERSIONS = Aussi ce qui ne compte plus
UI_WITHDRAW_OBSERVATION = Retirer l’observation
UI_WITHDRAW_SAID = Elle ne compte plus. Ses versions restent lisibles, avec votre motif.
WORD_CYCLE_STATE_OPEN = Ouvert
WORD_CYCLE_STATE_CLOSING = Clôture en cours
WORD_CYCLE_STATE_REVIEWABLE = À examiner
WORD_CYCLE_STATE_PUBLISHED = Publié
WORD_CYCLE_STATE_FAILED = Échec
WORD_ATTRIBUTION_RUN_STATE_RUNNING = En cours
WORD_ATTRIBUTION_RUN_STATE_DONE = Terminé
WORD_ATTRIBUTION_RUN_STATE_FAILED = Échec
WORD_ATTRIBUTION_RUN_STATE_CANCELLED = Arrêté
WORD_NORMALISATION_TARGET_PIECEWISE = En proportion de la cible
WORD_NORMALISATION_MIN_MAX = Entre le plus petit et le plus grand du groupe
WORD_NORMALISATION_PERCENTILE = Pourcentage du groupe qui ne fait pas mieux
WORD_NORMALISATION_T_SCORE = Écart à la moyenne du groupe (score T)
WORD_DIRECTION_HIGHER = plus, c’est mieux
WORD_DIRECTION_LOWER = moins, c’est mieux
WORD_REFINEMENT_STATE_UP_TO_DATE = À jour
WORD_REFINEMENT_STATE_BEHIND_BUT_FITS = En retard, mais conforme
WORD_REFINEMENT_STATE_MUST_FOLLOW = Doit suivre
WORD_REFINEMENT_STATE_PARENT_WITHDRAWN = Son standard est retiré
WORD_POPULATION_REASON_FITS = Répond à tout ce qui est indiqué
WORD_POPULATION_REASON_NAMED_IN = Désignée
WORD_POPULATION_REASON_NAMED_OUT = Désignée comme exclue
WORD_POPULATION_REASON_NOT_EMPLOYED = Sans emploi pendant la période
WORD_POPULATION_REASON_OTHER_UNIT = Dans une autre unité ce jour-là
WORD_POPULATION_REASON_OTHER_POSITION = À un autre poste ce jour-là
WORD_POPULATION_REASON_OTHER_GRADE = À un autre grade ce jour-là
WORD_POPULATION_REASON_OTHER_EMPLOYMENT_KIND = D’un autre type d’emploi ce jour-là
WORD_POPULATION_REASON_EMPLOYMENT_KIND_NOT_SAID = Type d’emploi non indiqué
WORD_DROP_REASON_NOBODY_HAS_DATA = personne n’a de données
WORD_DROP_REASON_NO_DATA_OF_PERSON = pas de données de cette personne
WORD_DROP_REASON_NO_TARGET = la médiane n’est pas supérieure à zéro, il n’y a donc pas de cible
WORD_DROP_REASON_TOO_LARGE = le nombre est trop grand pour le calcul
WORD_DROP_REASON_TOO_LARGE_ELSEWHERE = le nombre de quelqu’un d’autre est trop grand pour le calcul
WORD_DROP_REASON_NO_PAST = pas de valeur antérieure à laquelle la comparer
WORD_PERSON_CHANGE_KIND_EMPLOYMENT = une autre unité, ou en emploi à d’autres dates
WORD_PERSON_CHANGE_KIND_CAME_IN = est entré
WORD_PERSON_CHANGE_KIND_WENT_OUT = est sorti
WORD_PERSON_CHANGE_KIND_PAST = avait autre chose dans des cycles antérieurs
WORD_OBSERVATION_END_REVISED = Révisée
WORD_OBSERVATION_END_WITHDRAWN = Retirée
WORD_EMPLOYMENT_KIND_FULL_TIME = Temps plein
WORD_EMPLOYMENT_KIND_PART_TIME = Temps partiel
WORD_EMPLOYMENT_KIND_FIXED_TERM = Durée déterminée
WORD_EMPLOYMENT_KIND_INTERN = Stage
WORD_EMPLOYMENT_KIND_AGENCY = Intérim
WORD_EMPLOYMENT_KIND_OUTSOURCED = Sous-traitance
WORD_EMPLOYMENT_KIND_FREELANCE = Indépendant
WORD_ORG_UNIT_KIND_UNSPECIFIED = Unité
WORD_ORG_UNIT_KIND_GROUP = Groupe
WORD_ORG_UNIT_KIND_LEGAL_ENTITY = Entité juridique
WORD_ORG_UNIT_KIND_BRANCH = Succursale
WORD_ORG_UNIT_KIND_DEPARTMENT = Département
WORD_ORG_UNIT_KIND_TEAM = Équipe
WORD_REPORTING_LINE_KIND_UNSPECIFIED = Rattachement
WORD_REPORTING_LINE_KIND_SOLID = Hiérarchique : dirige
WORD_REPORTING_LINE_KIND_DOTTED = Fonctionnel : autre responsable
WORD_CATALOGUE_KIND_UNSPECIFIED = Entrée
WORD_CATALOGUE_KIND_POSITION = Poste
WORD_CATALOGUE_KIND_GRADE = Grade
WORD_PHASE_KIND_UNSPECIFIED = Non indiqué
WORD_PHASE_KIND_SHARED = Partagé
WORD_PHASE_KIND_MIXED = Mixte
WORD_PHASE_KIND_NAMED = Nominatif
WORD_FACT_STATE_UNSPECIFIED = Compte
WORD_FACT_STATE_COUNTS = Compte
WORD_FACT_STATE_VOIDED = Annulé
WORD_FACT_STATE_MOVED = Remplacé
WORD_CORRECTION_ACTION_UNSPECIFIED = Corriger
WORD_CORRECTION_ACTION_ADD = ajouter ce qui a été oublié
WORD_CORRECTION_ACTION_VOID = cela n’a jamais eu lieu
WORD_CORRECTION_ACTION_MOVE = cela s’est passé autrement
WORD_CORRECTION_ACTION_CHANGE = un autre à partir de maintenant
WORD_CORRECTION_ACTION_CANCEL = retirer du planning
WORD_CORRECTION_ACTION_END = prend fin
WORD_CORRECTION_STATE_UNSPECIFIED = Aperçu seulement
NAV_TODAY = Aujourd’hui
NAV_MONTH = Mon mois
NAV_MY_PAY = Ma paie
NAV_FACTS = Mes faits
UI_MINE_ZONE = Les heures sont celles de { $zone }.
UI_MINE_ZONE_OTHER = Les heures sont celles de { $zone }, selon votre choix ; vous travaillez à { $site }, et les jours sont ceux de ce site.
UI_MINE_LASTS = { $hours } h { $minutes } min
UI_MINE_LASTS_COLUMN = Temps de présence
UI_MINE_ACCOUNT = Compte … { $code }
UI_MINE_ACCOUNT_COLUMN = Compte
UI_MINE_FREE = Rien n’est prévu aujourd’hui
UI_MINE_AHEAD = Votre vacation commence à { $at }
UI_MINE_LATE = Votre vacation a commencé à { $at } ; vous n’avez pas pointé votre entrée
UI_MINE_ABSENT = Vacation prévue, aucun pointage
UI_MINE_IN = En poste depuis { $at }
UI_MINE_MISSING = Il manque un pointage
UI_MINE_WAS = Présence : { $lasts }
UI_MINE_DAY_FREE = Libre
UI_MINE_DAY_AHEAD = Prévu
UI_MINE_DAY_LATE = Pas encore pointé
UI_MINE_DAY_ABSENT = Aucun pointage : corriger
UI_MINE_DAY_IN = En poste
UI_MINE_DAY_MISSING = Pointage manquant : corriger
UI_MINE_DAY_WAS = Complet
UI_MINE_COME = Pointer l’entrée
UI_MINE_LEAVE = Pointer la sortie
UI_MINE_SHIFT = Vacation
UI_MINE_NO_SHIFT = Aucune vacation n’est prévue ce jour-là.
UI_MINE_SEAT = Place
UI_MINE_PUNCHES = Pointages
UI_MINE_NO_PUNCHES = Il n’y a encore aucun pointage ce jour-là.
UI_MINE_TO_FACTS = Tous les jours et les corrections
UI_MINE_ACCOUNTS = Comptes
UI_MINE_NO_ACCOUNTS = Aucun compte n’est prévu pour vous. Adressez-vous à votre superviseur si vous en servez un.
UI_MINE_TAKE = Prendre
UI_MINE_RELEASE = Libérer
UI_MINE_HELD_BY_ME = À vous depuis { $at }
UI_MINE_HELD_BY = { $name } le détient depuis { $at }
UI_MINE_HELD_BY_OTHER = Quelqu’un le détient depuis { $at }
UI_MINE_HELD_BY_NOBODY = Aucune des personnes que vous pouvez voir ne le détient
UI_MINE_DRIFT =
    { $minutes ->
        [one] L’horloge de votre appareil est décalée de { $minutes } minute. Le pointage compte à notre heure ; celle de votre appareil est conservée à côté.
       *[other] L’horloge de votre appareil est décalée de { $minutes } minutes. Le pointage compte à notre heure ; celle de votre appareil est conservée à côté.
    }
UI_MINE_DROPPED = Ne compte pas
UI_MINE_ADDED = Par correction
UI_MINE_MOVE = Corriger
UI_MINE_VOID = N’a pas eu lieu
UI_MINE_OTHERS_PUNCH = ce pointage a été fait par quelqu’un d’autre sur cet appareil : cette personne doit se connecter pour l’envoyer
UI_MINE_LATE_REASON = Pointé sans réseau à { $at }
UI_MINE_LATE_ASKED = Enregistré à { $recorded }. La demande qu’il compte à { $at }, quand vous avez appuyé, attend l’approbation.
UI_MINE_LATE_NOT_ASKED = Enregistré à { $recorded }. Vous avez appuyé à { $at }, ce qui n’a pas pu être demandé ({ $why }) : corrigez-le sous Mes faits.
UI_QUEUE = Pointages faits sans réseau
UI_QUEUE_WAITING = Attend le réseau, puis est envoyé automatiquement
UI_QUEUE_RECORDED = Enregistré
UI_QUEUE_REFUSED = Refusé
UI_OFFLINE = Pas de réseau
UI_OFFLINE_SAID = Vous pouvez quand même pointer : votre appareil garde le pointage avec son heure et l’envoie dès que le réseau revient.
UI_OFFLINE_SCRIPTS = Pointer sans réseau demande des scripts, que votre navigateur n’exécute pas.
UI_MINE_CYCLES = Cycles
UI_MINE_SCORE = Score
UI_MINE_PLACE = Rang
UI_MINE_RANK = { $rank } sur { $of }
UI_MINE_GAP = Points jusqu’aux cibles
UI_MINE_GAP_SAID = Ce qui manque en tout aux indicateurs en dessous de leur cible
UI_MINE_COLLABORATION = Collaboration
UI_MINE_STEPS = Le score, étape par étape
UI_MINE_OF_WEIGHT = { $points } sur { $weight }
UI_MINE_IN_WORDS = Chaque étape en mots
UI_MINE_HELPS = Ce qui aiderait le plus
UI_MINE_HELPS_NOTHING = Chaque indicateur est à sa cible.
UI_MINE_LACKS = Points manquants :
UI_MINE_TOTALS = Enregistrements attribués
UI_MINE_INTERVAL = Le trait est ce qui vous est attribué ; ce que vous avez servi se situe dans la barre avec une certitude de 90 %.
UI_MINE_ALL_ACCOUNTS = Tous les comptes
UI_MINE_HOW_SURE = Degré de certitude
UI_MINE_TO_RECORDS = Chaque enregistrement, et pourquoi
UI_MINE_RECORDS = Enregistrements
UI_MINE_RECORD = Enregistrement
UI_MINE_BEGAN = Début
UI_MINE_SHARE = Votre part
UI_MINE_OTHERS = Autres
UI_MINE_NO_RECORDS = Aucun enregistrement ne vous est attribué ici.
UI_MINE_WHY = Pourquoi
UI_MINE_HIDDEN = Là où figure ***, il s’agit de quelqu’un que vous n’avez pas le droit de voir.
UI_MINE_VERSIONS = Versions
UI_MINE_VERSION = Version { $number } : score { $score }
UI_MINE_NO_VERSIONS = Cette fiche n’a pas encore été publiée.
UI_MINE_DRAFT = Ce cycle est en cours d’examen : le score peut changer jusqu’à sa publication.
UI_MINE_NO_CARD = Vous n’avez pas encore de fiche de score. Elle arrive quand un cycle dont vous faites partie est publié.
UI_MINE_STATEMENT = Relevé
UI_MINE_STATEMENTS = Relevés
UI_MINE_NO_STATEMENTS = Vous n’avez pas encore de relevé. Il arrive quand un règlement est fait à partir d’un cycle publié.
UI_MINE_EQUAL = À parts égales
UI_MINE_LINES = De quoi il se compose
UI_MINE_NO_LINES = Ce relevé ne paie que des corrections.
UI_MINE_ADJUSTMENTS = Corrections de relevés antérieurs
UI_MINE_DELTAS = Montants corrigés
UI_MINE_LEFT = Reste à régler :
UI_MINE_LEFT_NEXT = Reporté au prochain relevé :
UI_MINE_BEHIND =
    Le score repose sur { $total ->
        [one] { $total } enregistrement
       *[other] { $total } enregistrements
    } ; { $count ->
        [one] { $count } figure dans la liste
       *[other] { $count } figurent dans la liste
    }.
UI_MINE_NO_DAYS = Aucun pointage ni aucune vacation ce mois-ci.
UI_MINE_FINDINGS = Ce qui est anormal à votre sujet
UI_MINE_NO_FINDINGS = Rien : vos pointages et vos enregistrements concordent.
UI_MINE_ADVICE = Que faire :
UI_MINE_FIX = Demander ce qui le corrige
UI_MINE_CORRECTIONS = Corrections
UI_MINE_NO_CORRECTIONS = Vous n’avez demandé aucune correction.
UI_MINE_WITHDRAW = Retirer
UI_MINE_HANDOVERS = Passations
UI_MINE_NO_HANDOVERS = Vous n’avez pris ni libéré aucun compte ce mois-ci.
UI_MINE_ADD = Ajouter un pointage
UI_MINE_MOVE_TITLE = Corriger un pointage
UI_MINE_VOID_TITLE = Un pointage qui n’a pas eu lieu
UI_MINE_IT_WAS = Indique : { $kind }, { $at }
UI_MINE_RIGHT_SAID = Quelqu’un d’autre l’approuve ; d’ici là, tout reste inchangé. Ce qui a été enregistré n’est jamais effacé.
UI_MINE_WHEN = Moment réel
UI_MINE_KIND = Entrée ou sortie
UI_MINE_ASK = Demander
WORD_PUNCH_KIND_IN = Entrée
WORD_PUNCH_KIND_OUT = Sortie
WORD_PUNCH_VERDICT_DOUBLE_IN = Vous étiez déjà entré : celle-ci recommence
WORD_PUNCH_VERDICT_OUT_WITHOUT_IN = Sortie sans entrée auparavant
WORD_PUNCH_VERDICT_OFF_ROSTER = Hors planning à cette heure
WORD_HANDOVER_KIND_TAKE = Prise
WORD_HANDOVER_KIND_RELEASE = Libération
WORD_CORRECTION_STATE_WAITING = En attente d’approbation
WORD_CORRECTION_STATE_APPROVED = Approuvée
WORD_CORRECTION_STATE_MADE = Faite
WORD_CORRECTION_STATE_REJECTED = Rejetée
WORD_CORRECTION_STATE_WITHDRAWN = Retirée
WORD_PUNCH_KIND_UNSPECIFIED = Pointage
WORD_HANDOVER_KIND_UNSPECIFIED = Passation
UI_DIALOGUES_AT_ONCE =
    { $count ->
        [one] { $count } conversation à la fois
       *[other] { $count } conversations à la fois
    }
NAV_TEAM_MONTH = Mois de l’équipe
NAV_TEAM_ACCOUNTS = Comptes au fil du temps
NAV_FINDINGS = Constats
NAV_HANDOVERS = Passations
NAV_ROSTER = Planning
UI_TEAM_ABOUT = À propos de
UI_TEAM_ACCOUNT = Compte
UI_TEAM_ACCOUNTS_SAID = Choisissez un compte pour voir qui le détenait, ce qui est arrivé et à qui cela revient.
UI_TEAM_ASK_TO_PUT_RIGHT = Demander la correction
UI_TEAM_BEGAN = Début
UI_TEAM_BROUGHT_BY = La correction qui l’a apporté
UI_TEAM_BY_ACCOUNTS = Par compte
UI_TEAM_BY_PEOPLE = Par personne
UI_TEAM_BY_WHAT = Personnes ou comptes
UI_TEAM_CANCEL_SHIFT = Annuler la vacation
UI_TEAM_CERTAIN = Certain
UI_TEAM_CERTAIN_SAID = désigné, revendiqué, détenu ou seul en service
UI_TEAM_CHANGE_SHIFT = Modifier la vacation
UI_TEAM_COLLABORATION = Collaboration
UI_TEAM_COMPARED_WITH = Par rapport à { $before }
UI_TEAM_CORRECTIONS_WAIT =
    { $count ->
        [one] { $count } correction de passation attend l’approbation
       *[other] { $count } corrections de passation attendent l’approbation
    }
UI_TEAM_CORRECTION_NOT_YOURS = Vous pouvez la consulter, mais pas demander de correction.
UI_TEAM_CORRECTION_WAITS = Une correction de celle-ci attend l’approbation.
UI_TEAM_COUNTS_NO_MORE = Elle ne compte plus, il n’y a donc rien à corriger ici.
UI_TEAM_COUNTS_NO_MORE_BY = La correction par laquelle elle ne compte plus
UI_TEAM_COUNTS_PUT_RIGHT = corrigé
UI_TEAM_CREDITED_TO_NOBODY =
    { $count ->
        [one] { $count } enregistrement de ces jours n’est attribué à personne.
       *[other] { $count } enregistrements de ces jours ne sont attribués à personne.
    }
UI_TEAM_CREDITS_OF = Attributions de
UI_TEAM_CUSTOMER = Client
UI_TEAM_CYCLE = Cycle
UI_TEAM_DAYS =
    { $count ->
        [one] { $count } jour
       *[other] { $count } jours
    }
UI_TEAM_DAYS_SHOWN = Jours affichés
UI_TEAM_DAYS_TOO_MANY =
    { $limit ->
        [one] { $limit } jour au plus à la fois
       *[other] { $limit } jours au plus à la fois
    }
UI_TEAM_DAY_DRAWN =
    { $day } : { $records ->
        [one] { $records } enregistrement
       *[other] { $records } enregistrements
    }, { $gaps ->
        [0] quelqu’un en service toute la journée
        [one] { $gaps } plage sans personne en service
       *[other] { $gaps } plages sans personne en service
    }.
UI_TEAM_DEVICE = Appareil
UI_TEAM_DUTY_AS_TABLE = Service en tableau
UI_TEAM_EARLIER_VERSIONS = Versions antérieures
UI_TEAM_ENDED = Fin
UI_TEAM_END_HINT = Pas après le début : elle finit le lendemain.
UI_TEAM_EVIDENCE = Éléments
UI_TEAM_FINDINGS_OF = Constats de
UI_TEAM_FIRST_DAY = Premier jour
UI_TEAM_FIRST_REPLY = Première réponse
UI_TEAM_FIX = Corrigeable
UI_TEAM_FIXABLE =
    { $count ->
        [one] { $count } d’entre eux peut être corrigé d’ici : ouvrez-le pour voir ce qui serait fait.
       *[other] { $count } d’entre eux peuvent être corrigés d’ici : ouvrez-en un pour voir ce qui serait fait.
    }
UI_TEAM_FIX_ALIAS = « { $alias } » sur { $platform } désignera { $person }.
UI_TEAM_FIX_AT_ONCE = Cela compte immédiatement.
UI_TEAM_FIX_CLOSE = Le cycle sera clôturé de nouveau.
UI_TEAM_FIX_HANDOVER = Une passation de { $account } par { $person } sera ajoutée : { $kind }, { $at }.
UI_TEAM_FIX_MOVE = L’enregistrement { $record } passera de { $from } à { $to }.
UI_TEAM_FIX_NONE = Ce qui le corrige ne découle pas de ce que l’on sait : quelqu’un qui était là doit le dire. Le conseil ci-dessus indique que faire.
UI_TEAM_FIX_NOT_YOURS = Quelqu’un qui a plus de droits peut le corriger.
UI_TEAM_FIX_OTHER = { $call } sera appelé.
UI_TEAM_FIX_PUNCH = Un pointage de { $person } sera ajouté : { $kind }, { $at }.
UI_TEAM_FIX_THERE = peut être corrigé
UI_TEAM_FIX_WAITS = Quelqu’un d’autre doit l’approuver avant que cela compte.
UI_TEAM_FORGOTTEN_HANDOVER = Ajouter une passation oubliée
UI_TEAM_MONDAY = lun.
UI_TEAM_TUESDAY = mar.
UI_TEAM_WEDNESDAY = mer.
UI_TEAM_THURSDAY = jeu.
UI_TEAM_FRIDAY = ven.
UI_TEAM_SATURDAY = sam.
UI_TEAM_SUNDAY = dim.
UI_TEAM_FROM = De
UI_TEAM_GAP_AT = personne { $gaps }
UI_TEAM_GAP_BUSY = Personne en service, et des enregistrements sont arrivés
UI_TEAM_HANDOVER = Passation
UI_TEAM_HOW_KNOWN = Comment on le sait
UI_TEAM_HOW_SURE = Degré de certitude
UI_TEAM_HOW_THE_SCORE_CAME = D’où vient le score
UI_TEAM_INDICATOR = Indicateur
UI_TEAM_KIND = Type
UI_TEAM_LAST_DAY = Dernier jour
UI_TEAM_LAST_DAY_HINT = Vide : le premier jour seulement.
UI_TEAM_LEGEND = Légende
UI_TEAM_LEGEND_SAID = Chaque enregistrement a les couleurs des personnes auxquelles il est attribué, chacune sur une hauteur égale à sa part, et d’autant plus pâle que la part est petite. La lettre est celle de la personne qui a la plus grande part ; les noms figurent sur les lignes. Les cercles sont des pointages et des passations : pleins pour une entrée ou une prise, creux pour une sortie ou une libération.
UI_TEAM_LOOK_AT_IT = Consulter
UI_TEAM_MOVED = Évolution du score
UI_TEAM_MOVE_HINT = N’est lu que si cela s’est passé à un autre moment.
UI_TEAM_NAMED = Agent désigné
UI_TEAM_NOBODY = Personne
UI_TEAM_NOBODY_ON_DUTY = Personne en service
UI_TEAM_NOTHING_ODD = Rien d’anormal ce mois-ci.
UI_TEAM_NOT_CREDITED = pas encore attribué
UI_TEAM_NOT_CREDITED_YET = Rien n’est encore attribué ici : aucun cycle clôturé ni aucun calcul ne couvre ces jours. Ce qui est arrivé et qui était en service est affiché.
UI_TEAM_NO_ACCOUNTS = Il n’y a aucun compte dans votre périmètre.
UI_TEAM_NO_CARDS = Il n’y a aucune fiche de score dans votre périmètre.
UI_TEAM_NO_CARDS_DO = Elles apparaissent quand un cycle est clôturé. Choisissez un autre cycle ci-dessus, ou consultez les comptes en attendant.
UI_TEAM_NO_CARD_OF_PERSON = Il n’y a pas de fiche de cette personne dans ce cycle.
UI_TEAM_NO_FINDINGS = Rien n’a été trouvé que quelqu’un doive examiner.
UI_TEAM_NO_FINDINGS_DO = Les constats viennent de chaque calcul d’attribution, même avant la clôture d’un cycle.
UI_TEAM_NO_HANDOVERS = Aucune passation ces jours-là.
UI_TEAM_NO_HANDOVERS_DO = Choisissez d’autres jours ci-dessus. Les passations s’enregistrent là où l’on prend et libère un compte.
UI_TEAM_NO_RECORDS = Aucun enregistrement n’est arrivé ces jours-là.
UI_TEAM_NO_SHIFT = pas de vacation
UI_TEAM_ON_DUTY = En service
UI_TEAM_ON_DUTY_HELD = En service par passation
UI_TEAM_ON_DUTY_LOOSE = En service comme membre de l’équipe
UI_TEAM_OTHERS = Personnes que vous n’avez pas le droit de voir
UI_TEAM_OTHER_ACCOUNT = Un compte que vous n’avez pas le droit de voir
UI_TEAM_OUTSIDE = Enregistrements ailleurs
UI_TEAM_PERSON = Personne
UI_TEAM_PERSON_HINT = Un nom ou un matricule de la liste.
UI_TEAM_PHASE = Utilisation
UI_TEAM_PLATFORM = Plateforme
UI_TEAM_POINTS = Points
UI_TEAM_POINTS_BY_INDICATOR = Points de chaque indicateur
UI_TEAM_POLICY = Politique
UI_TEAM_PUBLISH_SAID = Les heures sont celles du fuseau du compte. Les personnes prévues voient la vacation immédiatement.
UI_TEAM_PUBLISH_SHIFTS = Publier des vacations
UI_TEAM_PUNCHED = Entrée pointée
UI_TEAM_PUT_IT_RIGHT = Corriger
UI_TEAM_PUT_RIGHT_BECAUSE = Motif de la correction
UI_TEAM_RANGE = Intervalle (90 %)
UI_TEAM_RANK = Rang
UI_TEAM_RANK_OF = { $rank } sur { $of }
UI_TEAM_RATING = Note
UI_TEAM_RECORD = Enregistrement
UI_TEAM_RECORDS = Enregistrements
UI_TEAM_RECORDS_AS_TABLE = Enregistrements en tableau
UI_TEAM_RECORDS_CAME = enregistrements arrivés
UI_TEAM_RECORDS_CREDITED = attribués aux personnes que vous pouvez voir
UI_TEAM_REFUND_OF = Remboursement de
UI_TEAM_RESOLVED = Résolu
UI_TEAM_ROSTERED = Au planning
UI_TEAM_SCORE = Score
UI_TEAM_SCORE_MEDIAN = Score médian
UI_TEAM_SEAT = Place
UI_TEAM_SECONDS = { $seconds } s
UI_TEAM_SHIFT = Vacation
UI_TEAM_SHIFT_COUNTS_NO_MORE = Cette vacation ne compte plus : modifiez celle qui compte à sa place.
UI_TEAM_SHIFT_NOT_YOURS = Vous pouvez consulter cette vacation, mais pas la modifier.
UI_TEAM_SHIFT_REASON_HINT = Nécessaire une fois la vacation commencée.
UI_TEAM_STORE = Boutique
UI_TEAM_SURE_KNOWN = Certain
UI_TEAM_SURE_NOBODY = Attribué à personne
UI_TEAM_SURE_SHARED = Partagé à parts égales, rien ne les distingue
UI_TEAM_SURE_WEIGHED = Pondéré d’après les éléments
UI_TEAM_TARGET = Cible
UI_TEAM_TIMES_IN = Heures de { $zone } ({ $offset }).
UI_TEAM_TIMES_OF_ACCOUNTS = Les heures sont celles du fuseau de chaque compte.
UI_TEAM_TO = À
UI_TEAM_TODAY = Aujourd’hui
UI_TEAM_TO_THE_CARD = Vers la fiche
UI_TEAM_TO_THE_FINDINGS = Constats de ce mois
UI_TEAM_TO_THE_TABLE = Vers le tableau des enregistrements
UI_TEAM_TO_THE_TIMELINE = Chronologie
UI_TEAM_VALUE = Valeur
UI_TEAM_VIEW = Étendue affichée
UI_TEAM_VIEW_DAY = Jour
UI_TEAM_VIEW_MONTH = Mois
UI_TEAM_VIEW_WEEK = Semaine
UI_TEAM_WEIGHT = Poids
UI_TEAM_WHAT = Quoi
UI_TEAM_WHAT_CORRECTIONS_CHANGED = Ce que les corrections ont changé
UI_TEAM_WHAT_IS_ODD = Ce qui est anormal
UI_TEAM_WHAT_IS_RIGHT = Ce qui est juste
UI_TEAM_WHAT_IT_WAS = Ce que c’était
UI_TEAM_WHAT_SHOWS_IT = Ce qui le montre
UI_TEAM_WHAT_TO_DO = Que faire
UI_TEAM_WHAT_WAS_PUT_RIGHT = Ce qui a été corrigé
UI_TEAM_WHAT_WAS_SEEN = Ce qui a été vu
UI_TEAM_WHEN = Quand
UI_TEAM_WHEN_IT_WAS = Moment réel
UI_TEAM_WHERE_THE_RECORDS_ARE = Où sont les enregistrements
UI_TEAM_WHOSE = À qui
UI_TEAM_WHY = Pourquoi
UI_TEAM_ZONE_OF_DAYS = Fuseau de ses jours
WORD_DUTY_RULE_HANDOVER = détenu par passation
WORD_DUTY_RULE_ROSTER = au planning, et aucun pointage ne s’y oppose
WORD_DUTY_RULE_PUNCH = de l’équipe, entrée pointée
WORD_DUTY_RULE_TEAM = aucun élément : toute l’équipe
WORD_VERSION_END_REVISED = révisé par l’expéditeur
WORD_VERSION_END_MOVED = passé à un autre compte
WORD_VERSION_END_WITHDRAWN = retiré
WORD_NOBODY_ON_DUTY = personne n’était en service
DONE_FIX_ASKED = Demandé. Quelqu’un d’autre l’approuve
DONE_FIX_MADE = Corrigé
DONE_CORRECTION_ASKED = Demandé. Quelqu’un d’autre l’approuve
DONE_SHIFTS_PUBLISHED = Vacations publiées
DONE_SHIFT_CHANGED = Vacation modifiée
DONE_SHIFT_CANCELLED = Vacation annulée
WORD_RECORD_AGGREGATION_MEAN = Leur moyenne
WORD_RECORD_AGGREGATION_SUM = Leur somme
WORD_RECORD_AGGREGATION_COUNT = Leur nombre
WORD_RECORD_AGGREGATION_SHARE = Le pourcentage qui compte comme un oui
WORD_RECORD_AGGREGATION_DISTINCT = Le nombre de clients
WORD_OBSERVATION_AGGREGATION_SUM = Leur somme
WORD_OBSERVATION_AGGREGATION_MEAN = Leur moyenne
WORD_OBSERVATION_AGGREGATION_LAST = La dernière
WORD_OBSERVATION_OF_PERSON = La personne
WORD_OBSERVATION_OF_UNIT = L’unité de la personne
WORD_OBSERVATION_OF_ACCOUNT = Un compte
WORD_OBSERVATION_OF_STORE = Une boutique
WORD_OBSERVATION_OF_CAMPAIGN = Une campagne
WORD_COMPARISON_AT_MOST = au plus
WORD_COMPARISON_AT_LEAST = au moins
WORD_COMPARISON_BELOW = en dessous de
WORD_COMPARISON_ABOVE = au-dessus de
WORD_COMPARISON_EQUAL = exactement
DONE_SCHEME_SAVED = La version est enregistrée.
DONE_SCHEME_WITHDRAWN = Le retrait est enregistré.
DONE_MEASURE_SAVED = La mesure est enregistrée.
DONE_MEASURE_RETIRED = La mesure est hors service.
DONE_CYCLE_MADE = Le cycle est créé.
DONE_CYCLE_CLOSING = La clôture a commencé.
DONE_CYCLE_CANCELLED = C’est arrêté.
DONE_CYCLE_CORRECTING = La correction est en cours de calcul.
DONE_CYCLE_PUBLISHED = Le résultat est publié.
DONE_RUN_STARTED = Le calcul est lancé.
DONE_RUN_CANCELLED = Le calcul est arrêté.
DONE_OBSERVATION_WITHDRAWN = L’observation est retirée.
WORD_FINDING_MISSING_PUNCH = Pointage manquant
WORD_FINDING_DOUBLE_IN = Deux entrées pointées
WORD_FINDING_TAG_OFF_DUTY = Désigné par la plateforme hors service
WORD_FINDING_UNCOVERED_SHIFT = Vacation que personne n’a faite
WORD_FINDING_NAMED_WITHOUT_AGENT = Désigné, mais agent introuvable
WORD_FINDING_MISSING_RELEASE = Compte jamais libéré
WORD_FINDING_CLAIM_OFF_DUTY = Revendiqué hors service
WORD_FINDING_OVERLAP = Un même compte détenu à plusieurs
WORD_FINDING_SEVERAL_AT_ONCE = Sur plusieurs comptes à la fois
WORD_FINDING_TOO_FEW_REPLIES = Trop peu de réponses pour distinguer
WORD_FINDING_DEVICE_OFF_DUTY = Appareil de quelqu’un hors service
WORD_FINDING_MIXED_WITHOUT_TAG = Compte mixte sans noms
WORD_FINDING_NO_DUTY_EVIDENCE = Aucun élément sur le service
WORD_FINDING_CLAIMS_DIFFER = Revendications contradictoires
WORD_FINDING_CLAIM_WITHOUT_RECORD = Revendication sans enregistrement
WORD_FINDING_BREAKS_NOT_PUNCHED = Pauses que personne n’a pointées
WORD_FINDING_DEVICE_OF_NOBODY = Appareil à personne
WORD_FINDING_EVIDENCE_UNEVEN = Éléments inégaux
WORD_FINDING_EVIDENCE_NOT_READ = Éléments non pris en compte
DONE_CAME = Votre entrée est pointée.
DONE_LEFT = Votre sortie est pointée.
DONE_PUNCHED = Le pointage est enregistré.
DONE_TOOK = Le compte est à vous à partir de maintenant.
DONE_RELEASED = Le compte est libéré.
DONE_ASKED = Demandé : quelqu’un d’autre l’approuve.
DONE_WITHDRAWN = Retiré.
NAV_POOLS = Enveloppes
NAV_SETTLEMENTS = Règlements
NAV_STATEMENTS = Relevés
NAV_PAY_CORRECTIONS = Corrections de paie
NAV_RATES = Taux de change
WORD_SETTLEMENT_STATE_DRAFT = Brouillon
WORD_SETTLEMENT_STATE_APPROVED = Approuvé
WORD_SETTLEMENT_STATE_POSTED = Comptabilisé
WORD_SETTLEMENT_STATE_DISCARDED = Abandonné
WORD_PAY_CORRECTION_STATE_DRAFT = Brouillon
WORD_PAY_CORRECTION_STATE_APPROVED = Approuvée
WORD_PAY_CORRECTION_STATE_WITHDRAWN = Retirée
DONE_POOL_MADE = L’enveloppe est créée.
DONE_SETTLEMENT_DRAFTED = Le brouillon du règlement est fait. Quelqu’un d’autre l’approuve.
DONE_PAY_APPROVED = Le règlement est approuvé. Il peut maintenant être comptabilisé.
DONE_PAY_POSTED = Le règlement est comptabilisé. Il ne changera plus jamais.
DONE_PAY_DISCARDED = Le règlement est abandonné.
DONE_NOTHING_MOVED_ON = Rien n’a été fait : l’état avait déjà changé. Voici l’état actuel.
DONE_PAY_CORRECTION_DRAFTED = Le brouillon de la correction est fait. Quelqu’un d’autre l’approuve.
DONE_PAY_CORRECTION_APPROVED = La correction est approuvée. Les prochains règlements paient les différences.
DONE_PAY_CORRECTION_WITHDRAWN = La correction est retirée.
DONE_RATE_SET = Le taux est enregistré.
DONE_RATE_KNOWN = Rien n’a été écrit : ce taux était déjà connu.
UI_PAY_ACCOUNT = Compte
UI_PAY_ACCOUNT_HIDDEN = Un compte que vous n’avez pas le droit de voir
UI_PAY_ADJUSTMENTS = Corrections des mois antérieurs
UI_PAY_ADJUSTMENTS_ALONE = Ce relevé n’a aucune part de l’enveloppe : il ne paie que des corrections de mois antérieurs.
UI_PAY_ALSO_SUPERSEDED = Afficher aussi ce qui ne compte plus
UI_PAY_AMOUNTS_HIDDEN = Vous avez le droit de voir qu’il y a des relevés, mais pas ce que chacun touche : les montants n’ont pas été envoyés à cette page.
UI_PAY_AMOUNT_HINT = Des chiffres avec un point au plus, par exemple 120000.50.
UI_PAY_ANOTHER_ACCOUNT = un autre compte (…{ $tail })
UI_PAY_APPROVAL_ELSEWHERE = En attente de l’approbation de quelqu’un qui en a le droit. Vous ne l’avez pas.
UI_PAY_APPROVE = Approuver
UI_PAY_APPROVE_PAY_CORRECTION_SAID = Dès lors, les prochains règlements paient ou retiennent les différences.
UI_PAY_APPROVE_SAID = Vous ne l’avez pas préparé, vous pouvez donc l’approuver. Examinez d’abord les lignes et la somme.
UI_PAY_BEFORE = Avant
UI_PAY_BEFORE_ROUNDING = Avant arrondi
UI_PAY_BESIDE_THE_POOL = En dehors de l’enveloppe
UI_PAY_CARRY = Reporter les centimes restants au mois suivant
UI_PAY_CARRY_HINT = Les centimes qui ne se partagent pas également sont reportés de mois en mois, et finissent par s’équilibrer.
UI_PAY_CORRECTION = Correction de paie
UI_PAY_CORRECTION_REASON_HINT = Chaque relevé qui change l’affiche.
UI_PAY_CORRECTION_SAID = Ce qui est comptabilisé reste. L’enveloppe est répartie une nouvelle fois d’après les fiches de score telles qu’elles sont maintenant, et le prochain règlement paie la différence de chaque personne.
UI_PAY_COUNTS = Compte
UI_PAY_CURRENCY = Devise
UI_PAY_CURRENCY_HINT = Trois lettres, par exemple CNY.
UI_PAY_CYCLE = Cycle
UI_PAY_CYCLE_HIDDEN = Un cycle que vous n’avez pas le droit de voir
UI_PAY_DELTAS = Qui reçoit un autre montant
UI_PAY_DIFFERENCE = Différence
UI_PAY_DISCARD = Abandonner
UI_PAY_DISCARD_SAID = Abandonne le règlement. L’enveloppe peut ensuite être répartie de nouveau.
UI_PAY_DRAFT_PAY_CORRECTION = Faire le brouillon de cette correction
UI_PAY_DRAFT_SETTLEMENT = Faire le brouillon d’un règlement
UI_PAY_EQUAL_SPLIT = À parts égales
UI_PAY_EQUAL_SPLIT_SAID = ce que chacun recevrait sans les scores
UI_PAY_FLOOR = Score au-dessus duquel les points comptent
UI_PAY_FLOOR_HINT = À ce score ou en dessous, personne ne reçoit rien ; vide signifie 0.
UI_PAY_FUND_NAME = Nom du fonds
UI_PAY_HIDDEN = masqué
UI_PAY_HOW_KNOWN = Comment on le sait
UI_PAY_HOW_MADE = Comment le montant se compose
UI_PAY_HOW_SPLIT = Répartition
UI_PAY_IN = En
UI_PAY_LEFT_TO_PAY = Reste à payer
UI_PAY_LESS = En moins, au total
UI_PAY_LINES_TOGETHER = Total des lignes
UI_PAY_LOWEST_SCORE = score minimal
UI_PAY_MAKE_POOL = Créer l’enveloppe
UI_PAY_MORE = En plus, au total
UI_PAY_NAME_HIDDEN = Nom masqué
UI_PAY_NEW_PAY_CORRECTION = Corriger la paie
UI_PAY_NEW_POOL = Nouvelle enveloppe
UI_PAY_NEW_RATE = Nouveau taux
UI_PAY_NEW_SETTLEMENT = Nouveau règlement
UI_PAY_NOW = Maintenant
UI_PAY_NO_CARRY = Les centimes restants sont distribués dans le mois.
UI_PAY_NO_DELTAS = Personne ne reçoit un autre montant.
UI_PAY_NO_PAY_CORRECTIONS = Aucune paie n’a encore été corrigée. Un règlement comptabilisé se rectifie par une correction.
UI_PAY_NO_PERCENT = n’est pas un pourcentage de 0 à 100 avec quatre décimales au plus
UI_PAY_NO_POOLS = Il n’y a pas encore d’enveloppe. Créez-en une pour un cycle : un montant, et sa répartition.
UI_PAY_NO_POOL_READY = Aucune enveloppe ne peut être répartie maintenant : chacune est payée ou en cours de règlement, ou son cycle n’est pas publié. Créez une enveloppe, ou publiez d’abord le cycle.
UI_PAY_NO_POSTED_SETTLEMENT = Rien n’est encore comptabilisé, il n’y a donc rien à rectifier. Un brouillon s’abandonne et se refait.
UI_PAY_NO_RATES = Aucun taux n’est encore connu. Il n’en faut un que si des montants d’une autre devise sont comptés.
UI_PAY_NO_RECORDS_BEHIND = Aucun enregistrement n’est à l’origine de ce relevé.
UI_PAY_NO_SETTLEMENTS = Rien n’est encore réglé. Faites le brouillon d’un règlement à partir d’un cycle publié et d’une enveloppe.
UI_PAY_NO_SETTLEMENT_OF_POOL = L’enveloppe n’est pas encore réglée : faites le brouillon de son règlement.
UI_PAY_NO_STATEMENTS = Il n’y a ici aucun relevé que vous puissiez voir.
UI_PAY_NOT_PUBLISHED = pas encore publié
UI_PAY_NUMBER = Numéro
UI_PAY_NUMBERED = { $at }. { $label }
UI_PAY_OF_THE_POOL = De l’enveloppe
UI_PAY_ONE_OF = Une unité de
UI_PAY_ONLY_COUNTING = Afficher seulement ce qui compte
UI_PAY_PAID = Payé aux personnes
UI_PAY_PART_FUND_SAID = Cette partie est gardée pour l’équipe et n’est payée à personne. Laissez la part vide pour vous en passer.
UI_PAY_PART_PROPORTIONAL_SAID = Chacun reçoit selon les points au-dessus du plancher. Laissez la part vide pour vous en passer.
UI_PAY_PART_TIERS_SAID = Le meilleur palier d’abord. Chaque palier prend un pourcentage des personnes, ou toutes à partir d’un score ; quiconque s’y trouve a son poids. Laissez la part vide pour vous en passer.
UI_PAY_PERCENT_OF_POOL = Pourcentage de l’enveloppe
UI_PAY_POOL = Enveloppe
UI_PAY_POOL_NAME_HINT = Par exemple : prime de mars.
UI_PAY_POOL_TO_SPLIT_HINT = Seulement les enveloppes dont le cycle est publié et qui ne sont pas encore payées.
UI_PAY_POOL_UNIT_HINT = Qui elle paie : une unité, celle du cycle ou une en dessous. Vide signifie tout le cycle.
UI_PAY_POOL_WAITS = L’enveloppe pourra être réglée quand les scores de son cycle seront publiés.
UI_PAY_POST = Comptabiliser
UI_PAY_POSTING_ELSEWHERE = En attente de quelqu’un qui a le droit de comptabiliser. Vous ne l’avez pas.
UI_PAY_POST_SAID = Dès lors, il ne change plus jamais, et l’enveloppe est payée.
UI_PAY_PREPARED_AT = Préparé le
UI_PAY_PUBLISHED = publié
UI_PAY_QUOTA = pourcentage des personnes
UI_PAY_RATE = Taux
UI_PAY_RATES_SAID = Un taux vaut jusqu’au suivant pour les mêmes devises. Ce qui a été dit auparavant reste lisible.
UI_PAY_RATE_HINT = Par exemple 7.1234.
UI_PAY_RECORD = Enregistrement
UI_PAY_RECORDS_BEHIND = Enregistrements à l’origine
UI_PAY_RECORDS_TRACED =
    { $count } sur { $all ->
        [one] { $all } enregistrement
       *[other] { $all } enregistrements
    }
UI_PAY_ROW_REFUSED = { $said }
UI_PAY_RULE_FUND_SAID = Gardé pour l’équipe, et payé à personne.
UI_PAY_RULE_PROPORTIONAL = En proportion du score
UI_PAY_RULE_PROPORTIONAL_SAID = Chacun reçoit selon les points au-dessus de { $floor }.
UI_PAY_RULE_TIERS = Par paliers
UI_PAY_RULE_TIERS_SAID = Quiconque est dans un palier a son poids ; la partie est répartie selon les poids.
UI_PAY_SAY_SURE = indiquez que vous confirmez
UI_PAY_SCORE = Score
UI_PAY_SETTLEMENT = Règlement
UI_PAY_SETTLEMENT_LINES = Ce que reçoit chaque personne
UI_PAY_SETTLEMENT_LINES_SAID = Chaque ligne mène au relevé : ses étapes, la fiche de score et les enregistrements à l’origine. Les scores sont de
UI_PAY_SET_RATE = Enregistrer le taux
UI_PAY_SHARES_SUM = la somme des parts est { $sum } %, et non 100 %
UI_PAY_SHOW_DIFFERENCE = Voir ce qui changerait
UI_PAY_SHOW_MORE = Afficher plus
UI_PAY_SOURCE = Source
UI_PAY_SOURCE_HINT = Par exemple le cours quotidien de la banque centrale.
UI_PAY_STATEMENT = Relevé
UI_PAY_STEP_APPROVED = Approuvé
UI_PAY_STEP_DISCARDED = Abandonné
UI_PAY_STEP_DRAFTED = Brouillon fait
UI_PAY_STEP_POSTED = Comptabilisé
UI_PAY_STEP_PREPARED = Préparé
UI_PAY_STEP_WAITS_APPROVAL = En attente de l’approbation de quelqu’un d’autre
UI_PAY_STEP_WAITS_POSTING = En attente de comptabilisation
UI_PAY_STEP_WITHDRAWN = Retiré
UI_PAY_SUM = La somme
UI_PAY_SUM_FAILS = N’est pas égale à l’enveloppe
UI_PAY_SUM_HOLDS = Égale à l’enveloppe, au centime près
UI_PAY_SUPERSEDED = Ne compte plus
UI_PAY_TEAM_FUND = Fonds d’équipe
UI_PAY_TIER = Palier
UI_PAY_TIER_FROM = à partir d’un score de { $score }
UI_PAY_TIER_QUOTA = { $quota } des personnes
UI_PAY_TO_CARD = Vers la fiche de score
UI_PAY_TO_RECORDS = Vers les enregistrements
UI_PAY_TO_SETTLEMENT = Le règlement rectifié
UI_PAY_UNIT_HIDDEN = Une unité que vous n’avez pas le droit de voir
UI_PAY_UNKNOWN_STEP = cette étape n’existe pas sur cette page : rechargez-la
UI_PAY_WEIGHT = Poids
UI_PAY_WEIGHT_OF = { $weight } sur { $sum }
UI_PAY_WHAT_WOULD_CHANGE = Ce qui changerait
UI_PAY_WHO = Qui
UI_PAY_WHOLE_GROUP = Le groupe entier
UI_PAY_WHY = Ce qui a fait la différence
UI_PAY_WITHDRAW = Retirer
UI_PAY_WITHDRAW_SAID = Abandonne le brouillon ; la paie de personne ne change.
UI_PAY_WRITTEN_AT = Écrit le
UI_PAY_YOU = vous
UI_PAY_YOU_HAD_A_HAND = Vous l’avez préparé ou approuvé, quelqu’un d’autre le comptabilise donc (quatre yeux).
UI_PAY_YOU_PREPARED = Vous l’avez préparé, quelqu’un d’autre l’approuve donc (quatre yeux).
NAV_AUDIT_LOG = Journal
NAV_AUDIT_EXPORTS = Explications
UI_AUDIT_BY_PERSON = À propos d’une personne
UI_AUDIT_BY_ACCOUNT = Par une identité d’accès
UI_AUDIT_BY_THING = À propos d’un objet
UI_AUDIT_PERSON = Matricule, ou ID d’une personne
UI_AUDIT_THING = À propos de quoi
UI_AUDIT_ID = Son ID
UI_AUDIT_FROM = Du (jour)
UI_AUDIT_TO = Au (jour compris)
UI_AUDIT_FOUND = Ce que disent les journaux
UI_AUDIT_ASK = Indiquez une personne, une identité d’accès ou un objet : les cinq services répondent en une seule liste, le plus récent d’abord.
UI_AUDIT_NOTHING = Les journaux n’en disent rien pour ces jours, dans votre périmètre de lecture.
UI_AUDIT_NO_DAY = « { $text } » n’est pas un jour : écrivez-le comme 2026-03-31
UI_AUDIT_NOBODY = personne dans votre périmètre de lecture n’a le matricule « { $text } »
UI_AUDIT_NO_ACCOUNT = il n’y a pas d’identité d’accès « { $text } » parmi celles dont vous avez le droit de lire le nom : écrivez son ID
UI_AUDIT_SILENT = Ces services n’ont pas répondu, leurs entrées manquent donc ici. Réessayez.
UI_AUDIT_NEWEST = Vers les plus récentes
UI_AUDIT_OLDER = Entrées plus anciennes
UI_AUDIT_WHEN = Quand
UI_AUDIT_WHO = Qui
UI_AUDIT_WHAT = Ce qui a été fait
UI_AUDIT_LOG_OF = Journal de
UI_AUDIT_NOTES = Notes
UI_AUDIT_ACTION = Action
UI_AUDIT_METHOD = Rpc
UI_AUDIT_POSITION = Position dans la chaîne
UI_AUDIT_SERVICE = le service { $name }
UI_AUDIT_NOBODY_SIGNED_IN = personne de connecté
UI_AUDIT_EXPORTS_SAID = De l’ensemble à l’enregistrement isolé : les fiches d’un cycle, chaque règlement avec ses lignes, chaque relevé avec les enregistrements à l’origine. Chaque liste peut être téléchargée telle qu’elle est affichée.
UI_AUDIT_NO_MONTHS = Aucun cycle n’est encore publié.
UI_AUDIT_A_CORRECTION = correction
UI_AUDIT_CARDS = Cycle et fiches de score
UI_AUDIT_LOG_OF_IT = Son journal
WORD_SERVICE_IDENTITY = identité
WORD_SERVICE_ATTENDANCE = temps de service
WORD_SERVICE_PERFORMANCE = performance
WORD_SERVICE_COMPENSATION = rémunération
WORD_SERVICE_TALENT = talents
WORD_THING_ACCOUNT = Compte
WORD_THING_ALIAS = Alias
WORD_THING_API_KEY = Clé d’API
WORD_THING_ATTRIBUTION_RUN = Calcul d’attribution
WORD_THING_BREAK_GLASS = Accès d’urgence
WORD_THING_CARD = Fiche de score
WORD_THING_CATALOGUE = Catalogue
WORD_THING_CLAIM = Revendication
WORD_THING_CORRECTION = Correction
WORD_THING_CYCLE = Cycle
WORD_THING_DATA_KEY = Clé de données
WORD_THING_DELEGATION = Délégation
WORD_THING_DEVICE = Appareil
WORD_THING_ERASURE = Effacement
WORD_THING_EVENT = Événement
WORD_THING_FINDING = Constat
WORD_THING_GRANT = Habilitation
WORD_THING_HANDOVER = Passation
WORD_THING_HOLD = Gel juridique
WORD_THING_MEASURE = Mesure
WORD_THING_OBSERVATION = Observation
WORD_THING_ORG_UNIT = Unité
WORD_THING_PAY_CORRECTION = Correction de paie
WORD_THING_PERSON = Personne
WORD_THING_POOL = Enveloppe
WORD_THING_PRINCIPAL = Identité d’accès
WORD_THING_PUNCH = Pointage
WORD_THING_RATE = Taux de change
WORD_THING_RECORD = Enregistrement
WORD_THING_REGION = Région
WORD_THING_REPLIES = Réponses
WORD_THING_RETENTION = Conservation
WORD_THING_ROLE = Rôle
WORD_THING_ROSTER = Planning
WORD_THING_ROW = Lignes d’une liste
WORD_THING_SCHEDULE = Clôture programmée
WORD_THING_SCHEDULE_RUN = Exécution d’une clôture programmée
WORD_THING_SCHEME = Barème
WORD_THING_SESSION = Session
WORD_THING_SETTLEMENT = Règlement
WORD_THING_SITE = Site
WORD_THING_SSO_PROVIDER = Fournisseur d’authentification unique
WORD_THING_STATEMENT = Relevé
WORD_THING_SUBJECT = Journal d’un objet
WORD_THING_TABLE = Table
WORD_THING_TENANT = Groupe
WORD_THING_TRANSFER = Transfert
WORD_DID_ATTENDANCE_ACCOUNT_READ = Comptes lus
WORD_DID_ATTENDANCE_ACCOUNT_WRITE = Comptes écrits
WORD_DID_ATTENDANCE_ALIAS_READ = Alias lus
WORD_DID_ATTENDANCE_ALIAS_WRITE = Alias écrits
WORD_DID_ATTENDANCE_CORRECTION_APPROVE = Correction approuvée
WORD_DID_ATTENDANCE_CORRECTION_MAKE = Correction faite
WORD_DID_ATTENDANCE_CORRECTION_READ = Corrections lues
WORD_DID_ATTENDANCE_CORRECTION_REJECT = Correction rejetée
WORD_DID_ATTENDANCE_CORRECTION_REQUEST = Correction demandée
WORD_DID_ATTENDANCE_CORRECTION_WITHDRAW = Correction retirée
WORD_DID_ATTENDANCE_DEVICE_READ = Appareils lus
WORD_DID_ATTENDANCE_DEVICE_WRITE = Appareils écrits
WORD_DID_ATTENDANCE_HANDOVER_IMPORT = Passations importées
WORD_DID_ATTENDANCE_HANDOVER_READ = Passations lues
WORD_DID_ATTENDANCE_HANDOVER_RECORD = Passation d’un compte enregistrée
WORD_DID_ATTENDANCE_OCCUPANCY_READ = Détention des comptes lue
WORD_DID_ATTENDANCE_PUNCH_IMPORT = Pointages importés
WORD_DID_ATTENDANCE_PUNCH_READ = Pointages lus
WORD_DID_ATTENDANCE_PUNCH_RECORD = Pointage enregistré
WORD_DID_ATTENDANCE_ROSTER_READ = Plannings lus
WORD_DID_ATTENDANCE_ROSTER_WRITE = Planning écrit
WORD_DID_ATTENDANCE_SITE_WRITE = Sites écrits
WORD_DID_COMPENSATION_CORRECTION_APPROVE = Correction de paie approuvée
WORD_DID_COMPENSATION_CORRECTION_DRAFT = Brouillon d’une correction de paie fait
WORD_DID_COMPENSATION_CORRECTION_WITHDRAW = Correction de paie retirée
WORD_DID_COMPENSATION_POOL_CREATE = Enveloppe créée
WORD_DID_COMPENSATION_POOL_READ = Enveloppes lues
WORD_DID_COMPENSATION_SETTLEMENT_APPROVE = Règlement approuvé
WORD_DID_COMPENSATION_SETTLEMENT_DISCARD = Règlement abandonné
WORD_DID_COMPENSATION_SETTLEMENT_DRAFT = Brouillon d’un règlement fait
WORD_DID_COMPENSATION_SETTLEMENT_POST = Règlement comptabilisé
WORD_DID_COMPENSATION_SETTLEMENT_READ = Règlements lus
WORD_DID_COMPENSATION_STATEMENT_READ = Relevés lus
WORD_DID_COMPENSATION_STATEMENT_READ_PAY = Paie lue
WORD_DID_IDENTITY_API_KEY_CREATE = Clé d’API créée
WORD_DID_IDENTITY_API_KEY_EXCHANGE = Connexion avec une clé d’API
WORD_DID_IDENTITY_API_KEY_REVOKE = Clé d’API révoquée
WORD_DID_IDENTITY_BREAK_GLASS_END = Accès d’urgence terminé
WORD_DID_IDENTITY_BREAK_GLASS_OPEN = Accès d’urgence ouvert
WORD_DID_IDENTITY_BREAK_GLASS_REFUSE = Accès d’urgence refusé
WORD_DID_IDENTITY_BREAK_GLASS_REVIEW = Accès d’urgence examiné
WORD_DID_IDENTITY_CATALOGUE_IMPORT = Catalogue importé
WORD_DID_IDENTITY_DELEGATION_END = Délégation terminée
WORD_DID_IDENTITY_DELEGATION_WRITE = Droits délégués
WORD_DID_IDENTITY_EMPLOYMENT_END = Emploi terminé
WORD_DID_IDENTITY_ENTITLEMENT_WRITE = Modules du groupe modifiés
WORD_DID_IDENTITY_ERASURE_APPROVE = Effacement approuvé
WORD_DID_IDENTITY_ERASURE_REJECT = Effacement rejeté
WORD_DID_IDENTITY_ERASURE_REQUEST = Effacement demandé
WORD_DID_IDENTITY_ERASURE_WITHDRAW = Demande d’effacement retirée
WORD_DID_IDENTITY_GRANT_READ = Habilitations lues
WORD_DID_IDENTITY_GRANT_REVOKE = Rôle retiré
WORD_DID_IDENTITY_GRANT_WRITE = Rôle donné
WORD_DID_IDENTITY_HOLD_LIFT = Gel juridique levé
WORD_DID_IDENTITY_HOLD_SET = Gel juridique posé
WORD_DID_IDENTITY_LOGIN_CREATE = Identifiant de connexion créé
WORD_DID_IDENTITY_ORG_CLOSE = Unité fermée
WORD_DID_IDENTITY_ORG_IMPORT = Unités importées
WORD_DID_IDENTITY_ORG_MERGE = Unités fusionnées
WORD_DID_IDENTITY_PASSWORD_CHANGE = Propre mot de passe changé
WORD_DID_IDENTITY_PASSWORD_RESET = Mot de passe réinitialisé
WORD_DID_IDENTITY_PERSON_EXPORT = Données détenues sur une personne extraites
WORD_DID_IDENTITY_PERSON_IMPORT = Personnes importées
WORD_DID_IDENTITY_PERSON_READ = Personnes lues
WORD_DID_IDENTITY_PERSON_READ_PII = Identité des personnes lue
WORD_DID_IDENTITY_PERSON_RECTIFY = Identité d’une personne rectifiée
WORD_DID_IDENTITY_RATE_SET = Taux de change écrits
WORD_DID_IDENTITY_REPORTING_SET = Rattachement défini
WORD_DID_IDENTITY_REPORTING_END = Rattachement terminé
WORD_DID_IDENTITY_RETENTION_SET = Durée de conservation fixée
WORD_DID_IDENTITY_ROLE_DEFINE = Rôle défini
WORD_DID_IDENTITY_ROLE_RETIRE = Rôle mis hors service
WORD_DID_IDENTITY_SECOND_FACTOR_BEGIN = Second facteur commencé
WORD_DID_IDENTITY_SECOND_FACTOR_CONFIRM = Second facteur confirmé
WORD_DID_IDENTITY_SECOND_FACTOR_REMOVE = Second facteur retiré
WORD_DID_IDENTITY_SERVICE_ACCOUNT_CREATE = Compte de service créé
WORD_DID_IDENTITY_SESSION_END = Session fermée
WORD_DID_IDENTITY_SESSION_END_ALL = Toutes les sessions fermées
WORD_DID_IDENTITY_SESSION_REFRESH = Session poursuivie
WORD_DID_IDENTITY_SESSION_SIGN_IN = Connexion
WORD_DID_IDENTITY_SSO_PUT = Fournisseur d’authentification unique admis
WORD_DID_IDENTITY_SSO_REMOVE = Fournisseur d’authentification unique supprimé
WORD_DID_IDENTITY_TENANT_INIT = Groupe créé
WORD_DID_PERFORMANCE_CARD_READ = Fiches de score lues
WORD_DID_PERFORMANCE_CLAIM_MAKE = Conversations revendiquées
WORD_DID_PERFORMANCE_CLAIM_WITHDRAW = Revendication retirée
WORD_DID_PERFORMANCE_CREDIT_READ = Attributions lues
WORD_DID_PERFORMANCE_CREDIT_EXPORT = Attributions extraites
WORD_DID_PERFORMANCE_CYCLE_CANCEL = Clôture d’un cycle arrêtée
WORD_DID_PERFORMANCE_CYCLE_CLOSE = Clôture d’un cycle commencée
WORD_DID_PERFORMANCE_CYCLE_FAIL = Clôture d’un cycle échouée
WORD_DID_PERFORMANCE_CYCLE_PROGRESS = Clôture d’un cycle poursuivie
WORD_DID_PERFORMANCE_CYCLE_PUBLISH = Cycle publié
WORD_DID_PERFORMANCE_CYCLE_READ = Cycles lus
WORD_DID_PERFORMANCE_CYCLE_SCORE = Cycle noté
WORD_DID_PERFORMANCE_CYCLE_WRITE = Cycle écrit
WORD_DID_PERFORMANCE_FINDING_APPLY_FIX = Rectification d’un constat appliquée
WORD_DID_PERFORMANCE_OBSERVATION_IMPORT = Observations importées
WORD_DID_PERFORMANCE_OBSERVATION_READ = Observations lues
WORD_DID_PERFORMANCE_OBSERVATION_WITHDRAW = Observation retirée
WORD_DID_PERFORMANCE_RECORD_IMPORT = Enregistrements importés
WORD_DID_PERFORMANCE_RECORD_MOVE = Enregistrement déplacé
WORD_DID_PERFORMANCE_RECORD_READ = Enregistrements lus
WORD_DID_PERFORMANCE_RECORD_WITHDRAW = Enregistrement retiré
WORD_DID_PERFORMANCE_REPLY_IMPORT = Réponses importées
WORD_DID_PERFORMANCE_RUN_ATTRIBUTE = Enregistrements attribués
WORD_DID_PERFORMANCE_RUN_START = Calcul d’attribution lancé
WORD_DID_PERFORMANCE_SCHEME_EXPORT = Barème extrait
WORD_DID_PERFORMANCE_SCHEME_IMPORT = Barème importé
WORD_DID_PERFORMANCE_SCHEME_WITHDRAW = Barème retiré
WORD_DID_PERFORMANCE_SCHEME_WRITE = Barème écrit
WORD_DID_PERFORMANCE_TRANSFER_APPROVE = Transfert approuvé
WORD_DID_PERFORMANCE_TRANSFER_PREPARE = Transfert préparé
WORD_DID_PERFORMANCE_TRANSFER_RELEASE = Transfert libéré
WORD_DID_SUITE_AUDIT_SEARCH = Journal consulté
WORD_DID_SUITE_PERSON_ERASE = Données d’une personne effacées
WORD_DID_SUITE_PERSON_EXPORT = Données détenues sur une personne extraites
WORD_DID_SUITE_RETENTION_RUN = Données échues supprimées
WORD_DID_SUITE_TENANT_EXPORT = Toutes les données du groupe extraites
WORD_DID_TALENT_EVIDENCE_READ = Éléments lus
WORD_DID_TALENT_EVIDENCE_RECORD = Éléments enregistrés
WORD_DID_TALENT_PROFILE_READ = Profils lus
