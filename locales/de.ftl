### Die deutschen Sätze von Tally. Schlüssel in GROSSBUCHSTABEN sind Gründe von Fehlern, Auffälligkeiten oder abgelehnten Zeilen. Jeder Satz sagt, was zu tun ist.


## Parts

LIST_SEPARATOR = { "; " }
REFUSED_BECAUSE = { $kind } ({ $told })
KIND_INVALID_ARGUMENT = die Anfrage ist fehlerhaft: bitte ändern
KIND_NOT_FOUND = hier ist nichts, was Sie sehen dürfen
KIND_ALREADY_EXISTS = das ist bereits vorhanden
KIND_ABORTED = jemand anderes hat es geändert: bitte neu lesen
KIND_FAILED_PRECONDITION = der aktuelle Status lässt das nicht zu
KIND_PERMISSION_DENIED = dazu sind Sie nicht berechtigt
KIND_UNAUTHENTICATED = bitte zuerst anmelden
KIND_RESOURCE_EXHAUSTED = zu viel auf einmal: bitte gleich noch einmal versuchen
KIND_UNAVAILABLE = der Dienst ist nicht erreichbar: bitte gleich noch einmal versuchen
KIND_DEADLINE_EXCEEDED = es hat zu lange gedauert
KIND_CANCELLED = der Aufruf wurde abgebrochen
KIND_UNIMPLEMENTED = unter dieser Adresse gibt es diese Funktion nicht

## Kinds of things

RESOURCE_ACCOUNT = Konto
RESOURCE_ALIAS = Alias
RESOURCE_API_KEY = API-Schlüssel
RESOURCE_CARD_OF_PERSON = Scorecard der Person
RESOURCE_COMPONENT = Kennzahl
RESOURCE_CORRECTION = Korrektur
RESOURCE_CYCLE = Zyklus
RESOURCE_DEVICE = Gerät
RESOURCE_DELEGATION = Delegation
RESOURCE_EMERGENCY = Notfallzugriff
RESOURCE_EMPLOYMENT = Beschäftigung
RESOURCE_ERASURE = Löschung
RESOURCE_FINDING = Auffälligkeit
RESOURCE_GRANT = Rollenzuweisung
RESOURCE_HANDOVER = Übergabe
RESOURCE_HOLD = Löschsperre
RESOURCE_LEAVE = Abwesenheit
RESOURCE_LOGIN = Zugang
RESOURCE_ATTRIBUTION_RUN = Zurechnungslauf
RESOURCE_ORG_UNIT = Organisationseinheit
RESOURCE_PAGE = Seite
RESOURCE_PERSON = Person
RESOURCE_POOL = Bonuspool
RESOURCE_POSITION = Position
RESOURCE_PRINCIPAL = Akteur
RESOURCE_PROFILE_OF_PERSON = Profil der Person
RESOURCE_PROVIDER = Anmeldeanbieter
RESOURCE_PUNCH = Stempelung
RESOURCE_RECORD = Vorgang
RESOURCE_MEASURE = Messgröße
RESOURCE_CLAIM = Beanspruchung
RESOURCE_OBSERVATION = Beobachtung
RESOURCE_REPORTING_LINE = Berichtslinie
RESOURCE_SCHEDULE = Zeitplan
RESOURCE_ROLE = Rolle
RESOURCE_RUN_OF_A_SCHEDULE = Lauf eines Zeitplans
RESOURCE_SCHEME = Bewertungsmodell
RESOURCE_SCHEME_VERSION = Version des Bewertungsmodells
RESOURCE_SERVICE_ACCOUNT = Dienstkonto
RESOURCE_SESSION = Sitzung
RESOURCE_SETTLEMENT = Abrechnung
RESOURCE_SHIFT = Schicht
RESOURCE_STATEMENT_OF_PERSON = Entgeltnachweis der Person
RESOURCE_TRANSFER = Übertragung
RESOURCE_UPLOAD = Upload

## Every service

INTERNAL = auf unserer Seite ist etwas schiefgegangen; Einzelheiten stehen im Protokoll des Betreibers
INTERNAL_DETAILS = Einzelheiten für die Fehlersuche: { $details }
NOT_FOUND = nicht vorhanden oder für Sie nicht sichtbar: { $resource } { $id }
    .unit_on = für Sie ist am maßgeblichen Tag { $day } keine Organisationseinheit { $id } sichtbar: sie wurde vorher geschlossen, beginnt später oder hat nie bestanden (ListOrgUnits mit as_of zeigt, welche es gibt)
    .goes_on = die Organisationseinheit { $id } wurde vor dem maßgeblichen Tag { $day } geschlossen, ihre Personen gehören jetzt zu { $into }: geben Sie diese Einheit an
    .id_number = für Sie ist keine Person mit dieser Ausweisnummer sichtbar
    .removed = { $missing }; lag es vor dem { $day }, wurde es möglicherweise nach Ablauf der Aufbewahrungsfrist entfernt
INVALID_REQUEST =
    { $count ->
        [one] { $count } Feld ist falsch; die Einzelheiten nennen es
       *[other] { $count } Felder sind falsch; die Einzelheiten nennen jedes davon
    }
INVALID_FIELD = { $field }: { $problem }
LIST_EMPTY = mindestens ein Eintrag
NAME_ONE_OF = geben Sie genau eines an: { $fields }
CHANGE_MISSING = geben Sie an, was sich ändern soll
DATE_EXPECTED = erwartet wird ein Datum: YYYY-MM-DD
    .month = erwartet wird ein Monat: YYYY-MM
TEXT_EMPTY = darf nicht leer sein
TEXT_TOO_LONG = höchstens { $max } Zeichen
ID_MALFORMED = erwartet wird eine UUID
DATE_MALFORMED = { $field }: schreiben Sie YYYY-MM-DD
    .text = „{ $text }“ ist kein Datum: schreiben Sie YYYY-MM-DD
DATES_BACKWARDS = { $last } liegt vor { $first }
INSTANT_INVALID = erwartet wird ein Zeitpunkt in den Jahren 1 bis 9999
TEXT_UNUSABLE = { $field }: 1 bis { $max } Zeichen
ROWS_TOO_MANY = ein Aufruf nimmt höchstens { $max } Zeilen an, das sind { $count }: senden Sie mehrere Aufrufe
ROWS_MISSING = es ist keine Zeile vorhanden: senden Sie mindestens eine
NOTHING_CHANGES = das ist bereits so
    .fix = es wurde bereits korrigiert, und die Auffälligkeit stammt aus der Zeit davor: schließen Sie den Zyklus erneut ab (CloseCycle; wenn er veröffentlicht ist, CorrectCycle) oder starten Sie einen neuen Zurechnungslauf, und sehen Sie sich dann dessen Auffälligkeiten an
PAGE_TOKEN_INVALID = das Seiten-Token gehört nicht zu dieser Liste: beginnen Sie ohne Token von vorn

## Numbers, money, time

DECIMAL_MALFORMED = „{ $text }“ ist keine Dezimalzahl mit höchstens sechs Nachkommastellen
SHARE_OUT_OF_RANGE = ein Anteil beträgt 0 bis 1000000 Millionstel, nicht { $ppm }
CURRENCY_UNKNOWN = „{ $text }“ ist kein gültiger Code nach ISO 4217: schreiben Sie drei Großbuchstaben, etwa CNY
AMOUNT_MALFORMED = „{ $text }“ ist kein Betrag: schreiben Sie Ziffern mit höchstens einem Punkt, etwa 1234.50, ohne Tausendertrennzeichen und Währungszeichen
AMOUNT_TOO_FINE = „{ $text }“ hat mehr Nachkommastellen, als { $currency } zulässt: höchstens { $digits }
AMOUNT_TOO_LARGE = der Betrag ist zu groß
CURRENCY_MISMATCH = { $one } und { $other } lassen sich nicht addieren: rechnen Sie zuerst eines davon um
    .pool = der Bonuspool ist in { $pool }, die anderen Beträge sind in { $other }: eine Abrechnung hat nur eine Währung
RATE_MALFORMED = „{ $text }“ ist kein Kurs: schreiben Sie Ziffern mit höchstens einem Punkt, etwa 7.1234, mit höchstens 12 Stellen danach und 18 insgesamt
RATE_NOT_POSITIVE = ein Kurs ist größer als 0: schreiben Sie, was eine Einheit der ersten Währung in der zweiten wert ist
RATE_MISSING = für den { $day } ist kein Kurs von { $from } nach { $to } bekannt: hinterlegen Sie mit SetRates einen, der ab diesem Tag oder früher gilt, und wiederholen Sie dann den Vorgang
SPLIT_WITHOUT_PEOPLE = es gibt niemanden, auf den verteilt werden könnte
SPLIT_WITHOUT_WEIGHT = alle Gewichte sind null, daher gibt es keine Regel für die Verteilung
SPLIT_DUPLICATE_ID = eine ID kommt doppelt vor
SPLIT_WEIGHTS_TOO_LARGE = die Gewichte sind zu groß für eine exakte Rechnung: teilen Sie alle durch denselben Faktor
ZONE_UNKNOWN = „{ $zone }“ ist keine IANA-Zeitzone: schreiben Sie einen Namen wie Asia/Shanghai
TIME_MALFORMED = „{ $text }“ ist keine Zeitangabe: schreiben Sie 2026-03-02T08:00:00+08:00 oder für Ortszeit 2026-03-02 08:00:00
TIME_IN_GAP = { $local } gibt es in { $zone } nicht: die Uhren wurden über diese Zeit hinweg vorgestellt
TIME_OUT_OF_RANGE = das Datum liegt außerhalb des zulässigen Bereichs
PERIOD_BACKWARDS = der Zeitraum endet am { $to }, bevor er am { $from } beginnt

## Sign-in

TOKEN_MISSING = bitte zuerst anmelden: es wurde kein Bearer-Token gesendet
UNAUTHENTICATED = bitte zuerst anmelden
TOKEN_INVALID = das Token ist hier nicht gültig: bitte erneut anmelden
TOKEN_EXPIRED = das Token ist abgelaufen: bitte erneut anmelden
KEY_NOT_KNOWN_YET = der Schlüssel dieses Tokens ist hier noch nicht bekannt: bitte gleich noch einmal versuchen
CLOCKS_DIFFER = die Uhren der Suite weichen voneinander ab: bitte gleich noch einmal versuchen
TOKEN_OF_ANOTHER_REGION = dieses Token stammt von der Installation einer anderen Region: bitte hier anmelden
SESSION_ENDED = diese Sitzung ist beendet: bitte erneut anmelden
SIGN_IN_REFUSED = Name, Passwort oder Code ist falsch; nach fünf Fehlversuchen bitte bis zu 15 Minuten warten
SECOND_FACTOR_NEEDED = senden Sie den Code aus Ihrer Authenticator-App oder einen Wiederherstellungscode
SECOND_FACTOR_WRONG = der Code ist falsch oder wurde schon verwendet: warten Sie auf den nächsten, und prüfen Sie, ob die Uhr richtig geht
PASSWORD_MUST_CHANGE = dieses Passwort galt für eine einzige Anmeldung: senden Sie ein neues als new_password mit
PASSWORD_WEAK = zu leicht zu erraten: nehmen Sie vier Wörter, die nichts miteinander zu tun haben
    .why = zu leicht zu erraten ({ $why }): nehmen Sie vier Wörter, die nichts miteinander zu tun haben
WEAK_BY_KEYBOARD = nebeneinanderliegende Tasten werden zuerst geraten
WEAK_BY_REPEATS = Wiederholungen machen es kaum schwerer
WEAK_BY_FAME = es ist eines der häufigsten Passwörter oder ähnelt einem davon
WEAK_BY_SEQUENCE = Folgen wie abc oder 6543 werden zuerst geraten
WEAK_BY_DATE = Jahreszahlen und Daten werden zuerst geraten
WEAK_BY_WORD = ein einzelnes Wort oder ein Name allein wird zuerst geraten
PASSWORD_UNUSABLE = 12 bis 256 Zeichen
LOGIN_MALFORMED = 2 bis 100 Buchstaben, Ziffern und . _ - @ +
LOGIN_TAKEN = diesen Anmeldenamen hat bereits jemand
PERSON_HAS_LOGIN = diese Person hat bereits einen Zugang: je Person gibt es einen
REFRESH_REFUSED = diese Sitzung gibt es nicht oder nicht mehr: bitte erneut anmelden
REFRESH_REUSED = dieses Refresh-Token wurde schon einmal verwendet, daher wurde seine Sitzung zur Sicherheit beendet: bitte erneut anmelden
NO_PASSWORD = dieser Akteur meldet sich ohne Passwort an
RESET_ONESELF = das eigene Passwort ändert man mit dem alten: ChangePassword
LOGIN_HOLDS_MORE = der Zugang hat { $permission }, was Sie ihm nicht geben könnten: bitten Sie jemanden, der das kann
SECOND_FACTOR_ALREADY_EXISTS = es gibt bereits einen zweiten Faktor: entfernen Sie ihn zuerst
SECOND_FACTOR_MISSING = es gibt keinen zweiten Faktor: beginnen Sie mit EnrollTotp
API_KEY_REFUSED = diesen Schlüssel gibt es nicht oder nicht mehr: erstellen Sie einen neuen
TOO_MANY_KEYS = ein Konto hat höchstens { $max } gültige Schlüssel: widerrufen Sie zuerst einen
KEY_LIFE_UNUSABLE = expires_at: ein künftiger Zeitpunkt, höchstens { $days } Tage entfernt
PROVIDER_UNKNOWN = kein Anbieter für Single Sign-on trägt diesen Namen
PROVIDER_MALFORMED = 2 bis 50 Zeichen aus a-z, 0-9 und -
PROVIDER_NAME_TAKEN = ein anderer Konzern hat einen Anbieter mit diesem Namen: wählen Sie einen anderen
ADDRESS_MALFORMED = eine Adresse, die mit https:// beginnt (auf dem Loopback auch http://), ohne # und ohne Benutzer
SSO_PROVIDER_AWAY = der Identitätsanbieter ist nicht erreichbar oder antwortet nicht sinnvoll: bitte gleich noch einmal versuchen
SSO_STATE_REFUSED = diese Anmeldung ist abgelaufen oder wurde anderswo begonnen: beginnen Sie neu
SSO_REFUSED = die Bestätigung des Identitätsanbieters wurde nicht anerkannt: beginnen Sie neu
SSO_LOGIN_UNKNOWN = der Identitätsanbieter kennt Sie, aber hier haben Sie keinen Zugang: bitten Sie die Administration um einen
EMPLOYMENT_ENDED = Sie sind heute nicht beschäftigt: wenden Sie sich an die Personalabteilung
MODULE_NOT_ENTITLED = der Konzern hat das Modul { $module } nicht: wenden Sie sich an den Betreiber der Suite
TENANT_SUSPENDED = der Konzern ist gesperrt: der Betreiber kann ihn wieder freigeben
REGION_NOT_SERVED = Daten der Region { $region } liegen in der Installation dieser Region: senden Sie den Aufruf dorthin (hier wird { $served } bedient)
    .file = die Datei ist für die Region { $region } bestimmt: übernehmen Sie sie dort
FIELD_NOT_READABLE = { $field }: um danach zu suchen, braucht man { $permission }; keine Ihrer Rollenzuweisungen gibt Ihnen das
PERMISSION_DENIED = dazu sind Sie nicht berechtigt: bitten Sie um eine Rollenzuweisung
    .at_all = keine Ihrer Rollenzuweisungen gibt Ihnen { $permission }
    .here = Ihre Rollenzuweisungen geben Ihnen { $permission }, aber nicht hier
    .group = Ihre Rollenzuweisungen geben Ihnen { $permission } für Einheiten, und was keine Einheit nennt, betrifft den ganzen Konzern: nennen Sie eine Ihrer Einheiten, wo der Aufruf das zulässt, oder bitten Sie um eine Rollenzuweisung für den Konzern
    .signed_in = das ist nur für angemeldete Personen
    .other_group = ein Dienst darf nur Ansichten des Konzerns anfordern, für den er arbeitet
FOUR_EYES_REQUIRED = hier ist eine andere Person nötig: wer an einem früheren Schritt beteiligt war, auch indem er das Recht delegiert oder delegiert bekommen hat, kann diesen Schritt nicht ausführen

## The group, its units and its people

INITIALISED_ALREADY = dieser Datenspeicher enthält bereits einen Konzern: melden Sie sich an, beginnen Sie mit einem leeren Datenspeicher oder verwenden Sie eine Einladung
    .invited = diese Einladung wurde bereits verwendet, und ihr Konzern besteht: melden Sie sich dort an, oder bitten Sie den Betreiber um eine neue Einladung
INVITATION_INVALID = die Einladung stammt nicht von dieser Installation oder ist unvollständig: bitten Sie den Betreiber um eine neue
INVITATION_EXPIRED = die Einladung ist abgelaufen: bitten Sie den Betreiber um eine neue
INVITED_ANOTHER = die Einladung gilt für einen Konzern mit einer anderen ID
REGION_ALREADY_EXISTS = der Konzern hat die Region { $region } bereits
REGION_MALFORMED = eine Region besteht aus 1 bis 32 Zeichen aus a-z, 0-9 und -, etwa cn-north
REGION_UNUSABLE = 1 bis 32 Zeichen aus a-z, 0-9 und -, jede Region nur einmal
REGION_IS_GLOBAL = eine Region, nicht der ganze Konzern
REGION_MISSING = der Konzern hat mehrere Regionen: geben Sie die Region der Niederlassung an
    .from = diese Installation bedient mehrere Regionen des Konzerns: geben Sie in from_region an, aus welcher die Datei kommt
    .switch = diese Installation bedient mehrere Regionen des Konzerns: geben Sie mit --from REGION an, aus welcher die Datei kommt
REGION_UNKNOWN = der Konzern hat keine Region „{ $region }“
REGION_DIFFERS = die Niederlassung liegt in { $region }, und Daten wechseln die Region nicht
REGION_CROSSED = die Einheiten liegen in verschiedenen Regionen, und Daten wechseln die Region nicht
    .person = die Einheit liegt in einer anderen Region, und Daten wechseln die Region nicht: beenden Sie die Beschäftigung hier, und stellen Sie die Person dort unter einer Personalnummer jener Region ein
    .manager = die Führungskraft gehört zu einer anderen Region, deren Personen die Daten dieser Region nicht lesen dürfen
SUSPENDED_ALREADY = der Konzern ist bereits gesperrt
SUSPENDED_TOO_SHORT = ein Konzern wird 30 Tage nach seiner Sperrung gelöscht, nicht vor dem { $from }
NOT_SUSPENDED = der Konzern ist in Betrieb
NAME_DIFFERS = geben Sie den Namen des Konzerns Buchstabe für Buchstabe an, damit es sicher der richtige ist
TENANT_DELETED = der Konzern wurde gelöscht
MODULE_UNKNOWN = „{ $name }“ ist kein Modul: es gibt { $known }
PSEUDONYM_ALREADY_EXISTS = die Person hat ein anderes Pseudonym: es bleibt
PSEUDONYM_TAKEN = jemand anderes hat hier dieses Pseudonym: sehen Sie nach, wem es gehört
DIRECTORY_OLDER = von dieser Region wurde bereits ein neueres Verzeichnis übernommen
UNIT_PATH_MALFORMED = 1 bis 16 durch / verbundene Namen mit je 1 bis 200 Zeichen
UNIT_NAME_MALFORMED = 1 bis 200 Zeichen ohne /
UNIT_UNKNOWN = keine Einheit „{ $path }“: importieren Sie sie zuerst
    .was = am { $day } heißt keine Einheit „{ $path }“, da sie umbenannt, verschoben oder geschlossen wurde: geben Sie den Pfad an, den sie an diesem Tag hat
UNIT_DIFFERS =
    die Einheit ist bereits vorhanden als { $kind ->
        [legal_entity] Gesellschaft
        [branch] Niederlassung
        [department] Abteilung
        [team] Team
       *[group] Konzern
    }
UNIT_KIND_IS_ROOTS = nur die oberste Einheit ist der Konzern
UNIT_KIND_UNKNOWN = diese Art von Einheit gibt es nicht: Niederlassung, Gesellschaft, Abteilung oder Team, oder keine Angabe für die übliche
UNIT_BEGINS_LATER = die Einheit oder eine darüber beginnt am { $day }: geben Sie ein Datum ab diesem Tag an
    .hired_on = „{ $path }“ beginnt am { $day }, nach hired_on
UNIT_CLOSES = die Einheit { $unit } schließt mit dem { $day }: wählen Sie eine andere oder andere Tage
    .into = die Einheit { $unit } schließt mit dem { $day }, ihre Personen gehen zu { $into }: wählen Sie diese Einheit oder andere Tage
UNIT_HAD_NAME = bis zum { $day } hieß dort eine Einheit „{ $name }“ und hat jetzt einen anderen Namen oder Platz: geben Sie ihren heutigen Pfad an (ListOrgUnits) oder, für eine neue Einheit mit dem alten Namen, deren Art (kind)
ROOT_STAYS = die oberste Einheit ist der Konzern: sie bleibt, wie sie ist
ORG_CYCLE = die neue übergeordnete Einheit liegt unterhalb dieser Einheit, jetzt oder durch eine geplante Verschiebung
ORG_TOO_DEEP = der Baum würde tiefer als { $max } Namen, jetzt oder durch eine geplante Verschiebung
UNIT_NAME_TAKEN = die übergeordnete Einheit hat an diesen Tagen bereits eine Einheit „{ $name }“
UNIT_CHANGE_PLANNED = für die Einheit ist am { $day } eine Änderung vorgesehen: nennen Sie diesen Tag oder einen späteren
UNIT_CHANGE_BACKDATED = { $from } liegt vor dem laufenden Monat: die bisher übergeordnete Einheit könnte die Tage ab dann nicht mehr sehen, darunter abgeschlossene und ausgezahlte Monate, die neue dagegen schon. Nennen Sie den { $first } oder einen späteren Tag, oder geben Sie backdated an, wenn es seit damals wirklich so war
UNIT_HAS_CHILDREN = „{ $name }“ hängt dann unter der Einheit: verschieben oder schließen Sie sie zuerst, oder führen Sie die Einheit zusammen
UNIT_HAS_PEOPLE =
    { $count ->
        [one] { $count } Beschäftigung liegt dann in der Einheit: geben Sie in move_people_to an, wohin sie geht
       *[other] { $count } Beschäftigungen liegen dann in der Einheit: geben Sie in move_people_to an, wohin sie gehen
    }
MERGED_INTO_ITSELF = nennen Sie eine oder mehrere Einheiten, die zusammengeführt werden, jede einmal, und eine andere, die bleibt
PEOPLE_TO_NOWHERE = die Einheit, in die die Personen gehen, muss eine Niederlassung oder darunter sein und darf nicht am selben Tag schließen
UNIT_HAS_NO_REGION = Personen gehören zu einer Niederlassung oder darunter, nicht zum Konzern selbst
PERSON_DIFFERS = diese Personalnummer ist bereits vorhanden, aber mit anderem Inhalt in { $field }
EARLIER_ROW_REFUSED = eine frühere Zeile zu dieser Nummer wurde abgelehnt, und diese baut darauf auf: korrigieren Sie jene, und senden Sie beide erneut
PERSON_OUT_OF_REACH = die Einheit liegt heute oder an einem Tag seit dem ersten außerhalb dessen, was Sie schreiben dürfen: lassen Sie die Zeile weg, oder lassen Sie sie von jemandem senden, der das für alle Tage darf
EMPLOYMENT_OVERLAPS = die Beschäftigung der Person ab { $day } überschneidet sich mit einigen dieser Tage: beenden Sie sie zuerst
NOT_EMPLOYED = die Person ist am { $day } nicht beschäftigt
MANAGER_NOT_EMPLOYED = die Führungskraft ist am { $day } nicht beschäftigt: wählen Sie eine andere
ENDS_ALREADY = die Beschäftigung endet bereits am { $day }
    .line = die Berichtslinie endet bereits am { $day }
EMPLOYMENT_KIND_UNKNOWN = „{ $text }“ ist keine Beschäftigungsart: verwenden Sie full_time, part_time, fixed_term, intern, agency, outsourced oder freelance
NOT_IN_CATALOGUE = { $field }: der Katalog des Konzerns enthält am { $day } kein „{ $code }“: importieren Sie es zuerst, oder wählen Sie etwas anderes
EMPLOYMENT_CHANGE_PLANNED = für die Beschäftigung ist am { $day } eine Änderung vorgesehen: nennen Sie diesen Tag oder einen späteren, oder nehmen Sie die Änderung zurück
NOTHING_PLANNED = für die Beschäftigung ist am { $day } keine Änderung vorgesehen, die sich noch zurücknehmen ließe
HOME_ENDS = das ist die Hauptbeschäftigung; EndEmployment beendet sie mit allen weiteren
START_TOO_LATE = etwas davon oder daneben liegt am { $day }, vor diesem ersten Tag: korrigieren Sie das zuerst
OUTLASTS_HOME = die Hauptbeschäftigung endet am { $day }: Zusatzbeschäftigungen und Abwesenheiten enden spätestens mit ihr
LEAVE_OVERLAPS = die Abwesenheit der Person ab { $day } überschneidet sich mit einigen dieser Tage: beenden Sie sie zuerst
POST_KIND_MISSING = concurrent oder secondment: eine Hauptbeschäftigung entsteht durch Einstellung, Versetzung oder Wiedereinstellung
EMPLOYEE_NO_TAKEN = diese Personalnummer hat bereits jemand anderes
ID_NUMBER_TAKEN = diese Nummer hat bereits jemand anderes in dieser Region
ID_NUMBER_INVALID = eine Ausweisnummer hat 1 bis 64 Zeichen ohne Steuerzeichen
ID_NUMBER_CHECKSUM = die letzte Stelle dieser Ausweisnummer passt nicht zu den anderen: sehen Sie auf dem Ausweis nach
LINE_KIND_MISSING = solid oder dotted
REPORTING_CYCLE = am { $day } berichtet die Führungskraft selbst an diese Person, direkt oder über andere
LINE_CHANGE_PLANNED = am { $day } beginnt eine andere direkte Berichtslinie (solid): beenden Sie sie, oder nennen Sie einen letzten Tag davor
LINE_THERE_ALREADY = die Berichtslinie { $id } besagt das für einige dieser Tage bereits
RATE_OF_ITSELF = eine Währung ist immer so viel wert wie sie selbst: nennen Sie eine andere
SUPERSEDED_AND_KNOWN_AT = fragen Sie entweder nach dem, was zu einem Zeitpunkt bekannt war, oder nach allem, was je angegeben wurde
KIND_MISSING = geben Sie an, ob es eine Position oder eine Stufe ist
RANK_UNUSABLE = eine Stufe hat einen Rang ab 1, eine Position hat keinen
ENTRY_CHANGE_PLANNED = der Code hat einen Eintrag ab dem { $day }: enden Sie vor diesem Tag, oder beginnen Sie an ihm

## Access

HOURS_MALFORMED = die Uhrzeiten müssen zwei verschiedene Zeiten sein, etwa 08:00-20:00
SCOPE_MALFORMED = self, reports und tenant nennen nichts; unit, subtree und legal_entity nennen eine Einheit; region nennt eine Region
REACH_MISSING = geben Sie an, wie weit es reicht
PERMISSION_UNKNOWN = „{ $text }“ ist keine Berechtigung dieser Version
ROLE_UNKNOWN = keine Rolle heißt „{ $role }“
    .own = der Konzern hat keine eigene Rolle namens „{ $role }“
SCOPE_NOT_FOR_ROLE = { $role } wird nicht für den Geltungsbereich { $scope } vergeben
NOT_A_LEGAL_ENTITY = { $unit } ist keine Gesellschaft
NO_PERSON = dieser Zugang gehört zu keiner Person: nennen Sie eine Einheit oder Region
    .punching = nur Personen stempeln und übergeben Konten: melden Sie sich mit dem Zugang einer Person an
    .claiming = nur Personen beanspruchen Dialoge: melden Sie sich mit dem Zugang einer Person an
DUTIES_SEPARATED = niemand hat sowohl { $a } als auch { $b }: geben Sie es jemand anderem
    .role = keine Rolle gibt sowohl { $a } als auch { $b }: machen Sie zwei daraus
    .holder = { $principal } hat diese Rolle und hätte dann sowohl { $a } als auch { $b }: entziehen Sie zuerst eine der Rollenzuweisungen
    .delegated = niemand hat sowohl { $a } als auch { $b }, auch nicht für einen Tag: delegieren Sie es an jemand anderen
GRANTED_ALREADY = die Rollenzuweisung { $id } gibt das an diesen Tagen bereits
GRANT_NOT_HELD = keine Ihrer eigenen Rollenzuweisungen gibt Ihnen dort { $permission }, daher können Sie es nicht weitergeben
GRANT_TO_ONESELF = niemand gibt sich selbst, was er nicht hat: bitten Sie eine andere Person aus der Administration
    .role = Sie haben diese Rolle, aber nicht { $permission }: bitten Sie eine andere Person aus der Administration
REVOKED_ALREADY = die Rollenzuweisung ist bereits entzogen
PRINCIPAL_OR_LOGIN = nennen Sie entweder den Akteur oder den Anmeldenamen
LAST_ADMINISTRATOR = danach könnte niemand mehr Rollen vergeben: geben Sie group_admin zuerst jemand anderem
ROLE_NAME_MALFORMED = 2 bis 64 Zeichen aus a-z, 0-9 und _
ROLE_NAME_RESERVED = eine vorgegebene Rolle oder ein Dienst trägt diesen Namen: wählen Sie einen anderen
ROLE_EMPTY = nennen Sie mindestens eine Berechtigung und einen Geltungsbereich
ROLE_FOR_SERVICES = { $permission } ist nur für Dienste der Suite
ROLE_IN_USE =
    { $count ->
        [one] { $count } Rollenzuweisung gibt diese Rolle: entziehen Sie sie zuerst
       *[other] { $count } Rollenzuweisungen geben diese Rolle: entziehen Sie sie zuerst
    }
DELEGATION_EMPTY = nennen Sie mindestens eine Berechtigung
DELEGATION_TIME = das Ende muss nach dem Beginn und in der Zukunft liegen
DELEGATION_TOO_LONG = höchstens 90 Tage: für länger lassen Sie eine Rolle zuweisen
DELEGATION_TO_ONESELF = nennen Sie jemand anderen
DELEGATION_ENDED = die Delegation ist bereits beendet
PERMISSION_NOT_DELEGABLE = { $permission } wird nie delegiert
BREAK_GLASS_EMPTY = nennen Sie die Berechtigungen, die geöffnet werden sollen
PERMISSION_NOT_OPENED = kein Notfallzugriff öffnet { $permission }: Rechte über Rechte und getrennte Aufgaben bleiben, wo sie sind
BREAK_GLASS_SCOPE = nennen Sie eine Einheit, eine Region oder den Konzern, nicht self oder reports
BREAK_GLASS_REASON = beschreiben Sie in mindestens 20 Zeichen, was geschehen ist
BREAK_GLASS_TIME = 1 bis 60 Minuten
BREAK_GLASS_OPEN = Ihr Notfallzugriff { $id } ist offen: beenden Sie ihn zuerst
    .unreviewed = der Notfallzugriff ist noch offen: beenden Sie ihn, und prüfen Sie ihn dann
BREAK_GLASS_ENDED = der Notfallzugriff ist bereits beendet
BREAK_GLASS_NO_STREAMS = ein Notfallzugriff öffnet keine Datenströme: rufen Sie die Zeilen seitenweise ab
REVIEWED_ALREADY = er ist bereits geprüft
ALLOWED_BY_ROLE = die Rolle { $role } gibt hier { $permission }
ALLOWED_BY_DELEGATION = { $permission } ist delegiert oder in einem Notfall geöffnet: sehen Sie nach, von wem
REFUSED_HERE = die Rolle { $role } gibt { $permission }, aber nicht hier
REFUSED_BY_CONDITION = die Rolle { $role } gibt hier { $permission } nur mit einem zweiten Faktor oder zu anderen Uhrzeiten
REFUSED_TODAY = die Rolle { $role } gibt hier { $permission }, aber nicht heute
REFUSED_WITHOUT_MODULE = der Konzern hat das Modul von { $permission } nicht
REFUSED_WITHOUT_GRANT = keine Rollenzuweisung gibt { $permission }; diese Rollen geben es: { $roles }

## Privacy

SUBJECT_IN_PART = ein Gegenstand hat eine Art und eine ID
LEGAL_HOLD = es besteht eine Löschsperre: sie muss zuerst aufgehoben werden, siehe ListHolds
HOLD_LIFTED = die Löschsperre wurde bereits aufgehoben
RETENTION_KIND_UNKNOWN = „{ $kind }“ ist keine Art von Daten: ListRetention nennt alle
RETENTION_OUT_OF_BOUNDS = diese Art wird { $min } bis { $max } Monate aufbewahrt
RETENTION_RUNS = was über die Person gesetzlich aufzubewahren ist, bleibt bis zum { $day } erhalten: fragen Sie nach diesem Tag erneut
PERSON_ERASED = die Daten dieser Person wurden gelöscht: es kann nichts mehr über sie geschrieben werden; wer zurückkommt, ist eine neue Person
STILL_EMPLOYED = nur die Daten ausgeschiedener Personen können gelöscht werden: beenden Sie zuerst die Beschäftigung
ERASURE_ALREADY_EXISTS = für diese Person gibt es bereits die Löschung { $id }
OWN_ERASURE = niemand genehmigt die eigene Löschung: das muss jemand anderes tun
ERASED_ALREADY = die Löschung wurde bereits genehmigt
ERASURE_DROPPED = der Antrag wurde zurückgezogen oder abgelehnt: beantragen Sie die Löschung neu
ERASURE_NOT_APPROVED = sie wurde noch von niemandem genehmigt
NOT_A_SERVICE = über eine Löschung berichtet nur ein Dienst, der Personendaten enthält

## How long data are kept, counted from when and why

KEPT_FROM_ALIASES = letzter Tag des Alias oder Geräts
KEPT_BECAUSE_ALIASES = welche Vorgänge einer Person zugerechnet werden, muss nachweisbar sein, solange die Vergütung angefochten werden kann
KEPT_FROM_DUTY = Zeitpunkt der Stempelung oder Übergabe, Ende der Schicht
KEPT_BECAUSE_DUTY = Lohnunterlagen und ihre Grundlagen: zwei Jahre (Interim Provisions on Payment of Wages)
KEPT_FROM_PAY = Tag, an dem der Entgeltnachweis geschrieben wurde
KEPT_BECAUSE_PAY = Unterlagen zum Einbehalt der Einkommensteuer: fünf Jahre; Lohnunterlagen: zwei Jahre
KEPT_FROM_PERSON = Ende der letzten Beschäftigung
KEPT_BECAUSE_PERSON = beendete Arbeitsverträge: zwei Jahre (Labour Contract Law)
KEPT_FROM_SESSIONS = Tag, an dem die Sitzung spätestens beendet war
KEPT_BECAUSE_SESSIONS = Protokolle der Netznutzung: sechs Monate (Cybersecurity Law)
KEPT_FROM_RECORDS = Beginn des Vorgangs
KEPT_BECAUSE_RECORDS = die Vorgänge, auf denen die Vergütung beruht, solange sie angefochten werden kann
KEPT_FROM_RESULTS = Tag, an dem das Ergebnis geschrieben wurde; bei einem Anteil der Beginn seines Vorgangs
KEPT_BECAUSE_RESULTS = Punktzahlen, auf denen die Vergütung beruht: so lange wie Unterlagen zum Einbehalt der Einkommensteuer
KEPT_FROM_REQUESTS = die Anfrage
KEPT_BECAUSE_REQUESTS = eine erneut gesendete Anfrage erhält ihre erste Antwort; mehr wird nicht gebraucht
KEPT_FROM_EVIDENCE = Tag, an dem der Beleg geschrieben wurde
KEPT_BECAUSE_EVIDENCE = was ein Profil zusammenfasst; kein Gesetz verlangt es

## The suite

OVERLOADED = zu viele Aufrufe auf einmal: bitte gleich noch einmal versuchen
RATE_LIMITED = zu viele Aufrufe: bitte gleich noch einmal versuchen
DEADLINE_EXCEEDED = der Aufruf hat länger gedauert, als der Aufrufer zugelassen hat
STALE = jemand hat das geändert, seit Sie es gelesen haben: lesen Sie es neu, und wiederholen Sie dann Ihre Änderung
STORE_BUSY = jemand anderes hat das im selben Moment geändert; bitte noch einmal versuchen
STORE_UNAVAILABLE = der Datenspeicher ist gerade nicht erreichbar; bitte in Kürze noch einmal versuchen
STORE_DAMAGED = die Datenbank eines Dienstes ist beschädigt, und eine Wiederholung hilft nicht: der Betreiber hält den Dienst an, prüft den Umfang des Schadens (SQLite: PRAGMA integrity_check; PostgreSQL: pg_amcheck) und spielt die Datenbank aus einer Sicherung zurück
    .server = die Daten von { $service } in der Datenbank { $database } auf { $at } sind beschädigt: halten Sie den Dienst an, prüfen Sie den Umfang des Schadens (pg_amcheck), und spielen Sie die Datenbank aus Ihrer Sicherung zurück; darin wurde nichts geändert
STORE_READ_ONLY = die Datenbank eines Dienstes kann gerade nur gelesen werden, und nichts wurde geändert: der Betreiber gibt ihr das Schreibrecht zurück (SQLite: Datei und Ordner; PostgreSQL: der Server, der Schreibzugriffe annimmt, nicht sein Standby); wiederholen Sie es danach
    .server = PostgreSQL von { $service } auf { $at } nimmt keine Schreibzugriffe an: es ist ein Standby, oder default_transaction_read_only ist aktiv. Geben Sie in { $setting } den Server an, der Schreibzugriffe annimmt
PEER_UNAVAILABLE = ein Dienst, den dieser Aufruf braucht, ist nicht erreichbar: bitte gleich noch einmal versuchen
PEER_REFUSES_SERVICE = ein Dienst, den dieser Aufruf braucht, kennt diesen hier noch nicht: bitte gleich noch einmal versuchen
PEER_ADDRESS_INVALID = { $address } ist keine Adresse eines Dienstes: schreiben Sie http://host:port oder https://host:port
PEER_CERTIFICATE_UNKNOWN = das Zertifikat des Servers ist von einer Stelle signiert, der hier nicht vertraut wird: geben Sie die Datei dieser Stelle an (--ca oder client.authority in den Einstellungen), oder prüfen Sie, ob es der richtige Server ist
PEER_CERTIFICATE_FOR_ANOTHER = das Zertifikat des Servers gilt für einen anderen Namen: rufen Sie ihn unter einem Namen auf, der in seinem Zertifikat steht
PEER_CERTIFICATE_OUT_OF_DATE = das Zertifikat des Servers ist derzeit nicht gültig: der Betreiber muss es erneuern, sofern nicht die Uhr dieses Rechners falsch geht
PEER_WANTS_CERTIFICATE = der Server verlangt ein Zertifikat vom Aufrufer: geben Sie Ihres an (--client-cert und --client-key oder client.certificate und client.key in den Einstellungen)
PEER_REFUSES_CERTIFICATE = der Server akzeptiert das vorgelegte Zertifikat nicht: fragen Sie den Betreiber, welche Stelle die Zertifikate der Aufrufer signiert
    .expired = das vorgelegte Zertifikat ist abgelaufen: holen Sie ein neues bei der Stelle, die es signiert hat, und geben Sie es an (--client-cert und --client-key oder client.certificate und client.key in den Einstellungen)
    .revoked = das vorgelegte Zertifikat wurde widerrufen: holen Sie ein neues bei der Stelle, die es signiert hat, und geben Sie es an (--client-cert und --client-key oder client.certificate und client.key in den Einstellungen)
PEER_SPEAKS_PLAINTEXT = die Adresse beginnt mit https://, aber der Server dort spricht kein TLS: schreiben Sie http://, oder fragen Sie den Betreiber nach dem richtigen Port
PEER_SPEAKS_TLS = die Adresse beginnt mit http://, aber der Server dort spricht TLS: schreiben Sie https://
PEER_TLS_FAILED = die verschlüsselte Verbindung kam nicht zustande: { $why }
CERTIFICATE_KEY_MISMATCH = Zertifikat und privater Schlüssel gehören nicht zusammen: geben Sie den Schlüssel an, für den dieses Zertifikat ausgestellt wurde (--client-key oder client.key beim Aufrufer, server.tls_key beim Server)
PEER_CERTIFICATES_UNUSABLE = die Zertifikate für diesen Server sind nicht verwendbar: { $why }. Geben Sie die Datei der Stelle an, die das Zertifikat des Servers signiert hat (--ca oder client.authority)
PEER_FAILED = ein Dienst, den dieser Aufruf braucht, hat ihn abgelehnt
DEADLINE_MALFORMED = grpc-timeout besteht aus höchstens 8 Ziffern und einer der Einheiten H M S m u n
REQUEST_CUT_OFF = die Anfrage endete vorzeitig
REQUEST_UNREADABLE = die Anfrage lässt sich nicht als Nachricht dieses rpc lesen: prüfen Sie, ob Aufrufer und Server denselben Vertrag haben (proto/) und ob ihre Texte UTF-8 sind
    .envelope = die Anfrage ist keine Folge von Nachrichten, wie Connect sie in Umschläge packt: ein Byte mit Kennzeichen (0, oder 1 bei komprimierter Nachricht), vier Byte Länge, die Nachricht
    .compressed = die Anfrage lässt sich nicht entpacken: sie ist nicht so komprimiert, wie sie angibt ({ $said })
ONE_MESSAGE_WANTED = dieser Aufruf nimmt genau eine Nachricht an, und die Anfrage enthält { $sent }
REQUEST_TOO_LARGE = die Anfrage ist größer als { $max } Byte: senden Sie weniger Zeilen auf einmal
ANSWER_TOO_LARGE = die Antwort ist größer als { $max } Byte: fordern Sie weniger Zeilen auf einmal an (page_size), oder schränken Sie die Auswahl ein
REQUEST_COMPRESSED = die Anfrage ist komprimiert: senden Sie sie unkomprimiert (grpc-encoding identity)
    .unknown = die Komprimierung { $said } wird hier nicht gelesen: senden Sie die Anfrage mit gzip oder unkomprimiert
TEXT_WITH_NUL = lassen Sie das Zeichen NUL (U+0000) weg: kein Text darf es enthalten
METHOD_UNKNOWN = diese Methode gibt es hier nicht: prüfen Sie den Namen und ob Aufrufer und Server dieselbe Version haben
SERVICE_ELSEWHERE = der Prozess unter dieser Adresse führt den Dienst { $service } nicht aus: fragen Sie den, der es tut; Dienste und Befehle von tally finden ihn über peers.{ $service } in den Einstellungen
PROBLEM_TITLE =
    { $status ->
        [400] Fehlerhafte Anfrage
        [401] Nicht angemeldet
        [403] Nicht berechtigt
        [404] Nicht gefunden
        [405] Methode nicht zulässig
        [409] Konflikt
        [412] Inzwischen geändert
        [413] Zu groß
        [415] Medientyp nicht unterstützt
        [429] Zu viele Anfragen
        [431] Header zu groß
        [499] Abgebrochen
        [501] Hier nicht verfügbar
        [503] Nicht erreichbar
        [504] Zeit überschritten
       *[other] Interner Fehler
    }
PATH_UNKNOWN = den Pfad { $path } gibt es hier nicht: die Pfade stehen in /openapi.json
HTTP_METHOD_WRONG = { $method } wird für diesen Pfad nicht angeboten, sondern { $allowed }
MEDIA_TYPE_WRONG = der Body muss JSON sein (Content-Type: application/json), gesendet wurde { $said }
    .rpc = dieser Aufruf nimmt { $taken } an (Content-Type), gesendet wurde { $said }
BODY_TOO_LARGE = der Inhalt ist größer als { $limit } Byte: senden Sie weniger Zeilen auf einmal
BODY_BROKE_OFF = der Inhalt der Anfrage endete vorzeitig
BODY_TOO_SLOW = der Inhalt der Anfrage hat zu lange gebraucht: senden Sie ihn schneller oder in kleineren Teilen
BODY_NOT_READ = dieser Aufruf liest keinen Inhalt: seine Angaben stehen im Pfad und hinter dem ?
BODY_NO_OBJECT = der Inhalt muss ein JSON-Objekt sein
HEADERS_TOO_LARGE = die Header der Anfrage sind größer als { $limit } Byte oder mehr als { $most }: senden Sie weniger oder kürzere
BODY_NO_JSON = der Body ist ab Zeile { $line }, Spalte { $column } kein JSON
    .early = der Body endet mitten in seinem JSON
    .deep = der Body hat mehr als 127 Ebenen aus Listen und Objekten
    .twice = ein Objekt des Body enthält den Namen { $name } doppelt
FIELD_UNREADABLE = nicht lesbar: schreiben Sie { $expected }
    .unknown = dieses Feld gibt es nicht
    .twice = ist doppelt angegeben, als { $one } und als { $other }: lassen Sie eines davon weg
    .choice = geben Sie eines von { $fields } an, nicht mehrere
    .encoding = die Prozentkodierung ergibt keinen Text in UTF-8
    .precision = ein Zeitpunkt hat höchstens neun Nachkommastellen der Sekunde
    .second = Sekunden gehen von 00 bis 59
    .digits = hat zu viele Stellen für eine Zahl mit Nachkommastellen oder Exponent: schreiben Sie sie als Text
VALUE_EXPECTED = einen Wert dieser Art
    .yes_or_no = true oder false
    .whole = eine ganze Zahl von { $least } bis { $most }
    .number = eine Zahl
    .text = einen Text in Anführungszeichen
    .bytes = einen Text in base64
    .instant = einen Zeitpunkt in den Jahren 1 bis 9999, etwa 2026-03-02T09:00:00Z
    .duration = Sekunden, etwa 600s
    .name = eines von { $names }
    .object = ein Objekt
    .list = eine Liste
FIELD_SAID_TWICE = ist zweimal verschieden angegeben: lassen Sie es im Inhalt oder in der Abfrage weg
CONNECT_QUERY_WRONG = muss v1 sein
    .missing = fehlt
    .base64 = ist kein base64 in der Form für Adressen
QUERY_UNKNOWN = ist kein Parameter dieses Aufrufs: die Parameter stehen in /openapi.json; Persönliches gehört in den Inhalt
HEADER_NOT_READ = dieser Aufruf kann den Header { $header } nicht lesen: lassen Sie ihn weg
    .several = der Header { $header } darf ein einziges Entity-Tag in Anführungszeichen enthalten, oder *
ANSWER_HAS_NO_FIELD = die Antwort hat kein Feld { $field }
DOCS_PAGE = Die Aufrufe von Tally
    .lead = Alle Aufrufe der Suite über HTTP mit JSON, erzeugt aus derselben Tabelle wie der Router. Was jeder tut, steht hier so wie in den Verträgen, auf Englisch.
    .how = Schreibweisen
    .machine = dasselbe für Programme, OpenAPI 3.1
    .count =
        { $count ->
            [one] { $count } Aufruf
           *[other] { $count } Aufrufe
        }
    .permission = Erfordert die Berechtigung
    .session = Erfordert eine Sitzung, aber keine Berechtigung.
    .nobody = Keine Anmeldung nötig.
    .parameters = Parameter
    .body = Body
    .lines = Body: ein solches Objekt je Zeile
    .answer = Antwort
    .stream = Antwort: ein solches Objekt je Zeile oder je Ereignis
    .refusals = Ablehnungen
    .example = Beispiel
    .required = Pflicht
    .filled = vom Server ausgefüllt
    .values = Eines von
    .shapes = Objekte
    .in_path = im Pfad
    .in_query = hinter dem ?
    .in_header = ein Header
REQUEST_ID_INVALID = eine request_id hat höchstens { $max } Zeichen; am besten ist eine UUID
REQUEST_ID_REUSED = diese request_id gehört zu einer früheren Anfrage mit anderem Inhalt: nehmen Sie eine neue
LEASE_LOST = ein anderer Worker hat diese Arbeit übernommen; von diesem Versuch wurde nichts behalten

## For whoever operates the suite

PORT_TAKEN = auf { $address } kann nicht gelauscht werden: { $cause }; wählen Sie mit --listen oder TALLY_SERVER_LISTEN eine andere Adresse
HTTP_PORT_TAKEN = das Gateway kann auf { $address } nicht lauschen: { $cause }; wählen Sie mit --http oder TALLY_SERVER_HTTP eine andere Adresse, oder lassen Sie gateway in --services weg
DATABASE_URL_INVALID = die Datenbank-URL muss mit sqlite:// oder postgres:// beginnen
    .server = { $setting } ist nicht lesbar: erwartet wird postgres://ROLE:PASSWORD@HOST:PORT/DATABASE, wobei die Zeichen / ? # @ % eines Passworts als %2F %3F %23 %40 %25 geschrieben werden
    .file = { $setting } ist nicht lesbar: erwartet wird sqlite://FOLDER/{ "{" }service{ "}" }.db, oder sqlite:///FOLDER/{ "{" }service{ "}" }.db für einen Ordner, der mit / beginnt oder dessen Name nicht nur aus einfachen Buchstaben und Ziffern besteht
STORE_AWAY = PostgreSQL von { $service } ist auf { $at } nicht erreichbar: { $why }. Prüfen Sie, ob es dort läuft, oder korrigieren Sie Host und Port in { $setting }
STORE_SIGN_IN_REFUSED = PostgreSQL auf { $at } lehnt die Anmeldung von { $user } ab: die Rolle gibt es nicht, oder sie hat ein anderes Passwort. Tragen Sie das richtige Passwort in { $setting } ein, oder führen Sie `tally migrate` mit der URL des Eigentümers aus; das legt die Rolle an und gibt ihr dieses Passwort
    .owner = PostgreSQL auf { $at } lehnt die Anmeldung von { $user } ab: die Rolle gibt es nicht, oder sie hat ein anderes Passwort. Korrigieren Sie Rolle und Passwort in { $setting }
    .rule = PostgreSQL auf { $at } lässt { $user } von diesem Rechner aus auf diesem Weg nicht in { $database }: keine Regel seiner pg_hba.conf erlaubt es. Verlangt es TLS, schreiben Sie sslmode=require in { $setting }; andernfalls ergänzt der Betreiber eine Regel
STORE_DATABASE_MISSING = auf { $at } gibt es keine Datenbank { $database }: korrigieren Sie ihren Namen in { $setting }, oder lassen Sie sie vom Eigentümer des Servers anlegen (CREATE DATABASE { $database })
STORE_PARAMETER_REFUSED = PostgreSQL auf { $at } akzeptiert die Parameter der Verbindung nicht; es meldet: { $says }. Korrigieren Sie, was in { $setting } hinter dem ? steht; ist es PgBouncer, kann der Betreiber es durchlassen (ignore_startup_parameters in pgbouncer.ini)
STORE_TLS_FAILED = zu PostgreSQL auf { $at } kam keine verschlüsselte Verbindung zustande ({ $why }): korrigieren Sie sslmode und sslrootcert in { $setting }, oder lassen Sie den Betreiber des Servers dessen Zertifikat in Ordnung bringen
    .none = { $setting } verlangt TLS (sslmode), aber PostgreSQL auf { $at } spricht keines: lassen Sie es vom Betreiber einschalten (ssl = on), oder entfernen Sie sslmode, wenn sonst niemand in diesem Netz ist
STORE_RIGHT_MISSING = { $user } fehlen Rechte, die { $service } in der Datenbank { $database } auf { $at } braucht: führen Sie `tally migrate` mit der URL des Eigentümers aus; das erteilt sie
    .owner = { $user } darf in der Datenbank { $database } auf { $at } keine Schemas, Rollen und Tabellen anlegen: geben Sie in { $setting } eine Rolle an, der die Datenbank gehört und die Rollen anlegen darf (CREATEROLE), oder einen Superuser
DATABASE_ROLE_OF_ANOTHER = { $service } meldet sich als { $user } an, seine Daten sind aber nur für die Rolle { $login } zugänglich: tragen Sie in { $setting } tally_{ "{" }service{ "}" } als Rolle ein (postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE)
DATABASE_IN_USE = die Datenbank { $database } enthält bereits Daten von tally (Schema { $schema }), benötigt wird eine leere: legen Sie eine an (CREATE DATABASE), und geben Sie sie mit { $setting } an; nichts wurde geändert
STORE_FILE_DAMAGED = die Datei { $file } ist beschädigt oder keine SQLite-Datenbank: spielen Sie sie aus Ihrer Sicherung zurück, oder geben Sie mit { $setting } einen anderen Ort an; darin wurde nichts geändert. Den Umfang des Schadens zeigt sqlite3 mit PRAGMA integrity_check
STORE_FILE_UNUSABLE = die Datei { $file } lässt sich nicht zum Lesen und Schreiben öffnen: { $why }. Geben Sie dem Benutzer dieses Prozesses das Recht an ihr und ihrem Ordner, oder geben Sie mit { $setting } einen anderen Ort an
    .read_only = die Datei { $file } kann nur gelesen werden, ein Datenspeicher wird aber beschrieben: geben Sie dem Benutzer dieses Prozesses das Schreibrecht an ihr und ihrem Ordner, oder entfernen Sie mode=ro aus { $setting }, wenn es dort steht
STORE_DISK_FULL = der Datenträger von { $at } ist voll: schaffen Sie Platz, und wiederholen Sie es dann
    .serving = der Datenträger der Datenbank eines Dienstes ist voll, und nichts wurde geändert: der Betreiber schafft Platz; wiederholen Sie es dann
STORE_DISK_FAILS = der Datenträger von { $at } meldet Fehler: welche, steht im Protokoll dieses Rechners; reparieren oder ersetzen Sie ihn, und prüfen Sie, ob die Daten vollständig sind, bevor Sie weitermachen
    .serving = der Datenträger der Datenbank eines Dienstes meldet Fehler, und nichts wurde geändert: der Betreiber sieht im Protokoll dieses Rechners nach; wiederholen Sie es dann
DATABASE_ROLE_TOO_POWERFUL = die Datenbank-URL von { $service } meldet sich als { $user } an, { $power }: die Zeilensicherheit (row-level security) wäre wirkungslos. Tragen Sie die Rolle { $login } in die URL ein (postgres://tally_{ "{" }service{ "}" }@host/database); `tally migrate` mit der URL des Eigentümers legt sie an
POWER_SUPERUSER = ein Superuser
POWER_BYPASSRLS = eine Rolle mit BYPASSRLS
POWER_OWNER = der Eigentümer der Tabellen
SCHEMA_BEHIND =
    das Schema von { $service } liegt { $count ->
        [one] { $count } Migration
       *[other] { $count } Migrationen
    } zurück (die nächste ist { $next }): führen Sie `tally migrate` mit der URL des Eigentümers aus
SCHEMA_AHEAD = der Datenspeicher von { $service } wurde von einer neueren Version von tally aktualisiert (diese kennt { $migration } nicht): starten Sie jene Version oder eine neuere, oder spielen Sie die Sicherung von vor der Aktualisierung zurück
TENANT_NOT_HERE = dieser Datenspeicher ist eine SQLite-Datei und enthält genau einen, und zwar einen anderen Konzern; für mehrere Konzerne braucht es PostgreSQL (TALLY_DATABASE_URL=postgres://...), das sie durch Zeilensicherheit trennt
STORE_OF_ANOTHER_SERVICE = die SQLite-Datei von { $service } ist die von { $owner }: schreiben Sie { "{" }service{ "}" } in die URL (sqlite://dir/{ "{" }service{ "}" }.db)
SERVICE_NAME_INVALID = „{ $service }“ ist als Name eines Dienstes nicht möglich: höchstens 32 Zeichen aus a-z und _
HEADS_UNREADABLE = die Datei { $file } mit den signierten Köpfen ist nicht lesbar: { $cause }
HEADS_UNWRITABLE = die signierten Köpfe des Protokolls können nicht in { $file } geschrieben werden: { $cause }. Geben Sie mit audit.heads_directory einen Ordner an, in den der Benutzer dieses Prozesses schreiben darf
KEYS_UNUSABLE = die Schlüsseldatei { $file } ist nicht verwendbar: { $cause }. Spielen Sie sie aus Ihrer Sicherung zurück, oder setzen Sie keys.directory auf den richtigen Ordner; das Versiegelte lässt sich mit keinen anderen Schlüsseln öffnen
    .missing = die Schlüsseldatei { $file } gibt es nicht: setzen Sie keys.directory auf den richtigen Ordner, oder spielen Sie sie aus Ihrer Sicherung zurück; das Versiegelte lässt sich mit keinen anderen Schlüsseln öffnen
    .closed = die Schlüsseldatei { $file } ist nicht verwendbar: { $cause }. Der Benutzer dieses Prozesses muss sie als Eigentümer (Modus 0400) oder über ihre Gruppe (0440, auf Kubernetes mit fsGroup) lesen können
    .unwritable = die Schlüsseldatei { $file } kann nicht geschrieben werden: { $cause }. Lassen Sie den Benutzer dieses Prozesses in ihren Ordner schreiben, oder geben Sie mit keys.directory einen anderen an
    .signing = der Schlüssel { $file } ist nicht verwendbar: { $cause }. Spielen Sie ihn aus Ihrer Sicherung zurück, oder setzen Sie keys.directory auf den richtigen Ordner. Ohne Sicherung verschieben Sie ihn an einen anderen Ort: der nächste Start erzeugt einen neuen, alle Angemeldeten melden sich neu an, und andere Installationen, die dem alten Schlüssel vertrauen, brauchen die neue .pub
    .closed_signing = der Schlüssel { $file } ist nicht verwendbar: { $cause }. Der Benutzer dieses Prozesses muss ihn als Eigentümer (Modus 0400) oder über seine Gruppe (0440, auf Kubernetes mit fsGroup) lesen können
    .public = der öffentliche Schlüssel { $file } ist nicht verwendbar: { $cause }. Kopieren Sie ihn erneut von dem Dienst, dem er gehört; liegt er neben seiner .key, darf er gelöscht werden, der Dienst schreibt ihn beim Start neu
    .folder = der Schlüsselordner { $file } ist nicht verwendbar: { $cause }. Lassen Sie den Benutzer dieses Prozesses ihn lesen und beschreiben, oder geben Sie mit keys.directory einen anderen an
    .unwritable_signing = der Schlüssel { $file } kann nicht geschrieben werden: { $cause }. Lassen Sie den Benutzer dieses Prozesses in seinen Ordner schreiben, oder geben Sie mit keys.directory einen anderen an
    .foreign = der öffentliche Schlüssel { $file } gehört nicht zum Schlüssel { $private } daneben: einer von beiden wurde ersetzt. Spielen Sie beide aus Ihrer Sicherung zurück; ist der private Schlüssel der richtige, löschen Sie den öffentlichen, den der Dienst beim Start neu schreibt
SECRET_OPEN = alle auf diesem Rechner können sie verwenden; geben Sie chmod 600 mit ihrem Namen ein
    .group = ihre Gruppe { $gid } kann sie verwenden, und dieser Prozess gehört nicht zu dieser Gruppe; geben Sie chmod 600 mit ihrem Namen ein, oder führen Sie den Prozess mit der Gruppe { $gid } aus (auf Kubernetes: fsGroup: { $gid })
    .writable = ihre Gruppe kann sie ändern; geben Sie chmod g-w mit ihrem Namen ein
KEY_FILE_MALFORMED = ihre erste Zeile muss mit „{ $header }“ beginnen
    .lock = ihre erste Zeile sagt nicht, wie sie geschützt ist
    .line = eine Zeile muss aus Art, ID und Schlüssel bestehen
    .id = „{ $id }“ ist keine Schlüssel-ID
    .base64 = der Schlüssel { $kind } { $id } ist nicht base64
    .length = der Schlüssel { $kind } { $id } muss 32 Byte haben
    .damaged = der Schlüssel { $kind } { $id } ist beschädigt
    .kind = „{ $kind }“ ist keine Schlüsselart
    .twice = der Schlüssel { $kind } { $id } kommt doppelt vor
    .few = sie braucht mindestens je einen Schlüssel wrap, bind und sign
KEY_LINE_MALFORMED = eine Zeile muss 32 Byte in base64 enthalten und ab wann oder bis wann sie gelten
    .none = sie enthält keinen Schlüssel
KEYS_OF_ANOTHER_STORE = die Schlüssel dieses Prozesses sind nicht die, mit denen die Daten von { $service } geschrieben wurden: setzen Sie keys.directory auf den richtigen Ordner, oder spielen Sie seal.key aus Ihrer Sicherung zurück; nichts wurde geändert, und kein neuer Schlüssel wurde erzeugt. Liegen die richtigen Schlüssel vor, sagt `tally audit verify`, ob jemand das Protokoll verändert hat
STORE_LOST = der Datenspeicher von { $service } ist leer, laut { $file } enthielt er aber Daten: spielen Sie die Datenbank (bei SQLite ihre Datei) aus Ihrer Sicherung zurück, oder prüfen Sie, ob { $setting } auf eine andere zeigt; nichts wurde geändert. Nur wenn alles neu beginnen soll, verschieben Sie { $file } zuerst an einen anderen Ort
KEYS_PASSPHRASE_MISSING = die Schlüsseldatei { $file } ist geschützt: setzen Sie TALLY_KEYS_PASSPHRASE, oder TALLY_KEYS_PASSPHRASE_FILE auf eine Datei mit der Passphrase
KEYS_PASSPHRASE_WRONG = kein Schlüssel in { $file } lässt sich mit dieser Passphrase öffnen: prüfen Sie TALLY_KEYS_PASSPHRASE (oder die Datei, die TALLY_KEYS_PASSPHRASE_FILE nennt); ist sie richtig, ist die Datei beschädigt: spielen Sie sie aus Ihrer Sicherung zurück
KEYS_NOT_IN_A_FILE = diese Schlüssel gibt es nur in diesem Prozess: es ist keine Datei zu ändern
KEY_ROTATES_ALREADY = { $service } hat einen neuen Schlüssel, der ab { $from } signiert: warten Sie bis dahin

## The command line

SERVER_AWAY = unter { $server } antwortet niemand: läuft die Suite dort? --server gibt an, wo sie lauscht
CLIENT_FILE_UNREADABLE = { $file } ist nicht lesbar: { $why }
CLIENT_FILE_WRONG = { $file } enthält kein { $block } in PEM
SIGNED_IN_AS = als { $login } bei { $server }, angemeldet mit `tally login`
LOGIN_GOOD = angemeldet bis { $until }. Die folgenden Befehle brauchen weder das Token noch die Angabe des Servers erneut; andere Programme senden es als `authorization: Bearer ..`
LOGIN_NOT_REMEMBERED = die Anmeldung kann nicht in { $file } gemerkt werden ({ $why }): geben Sie das Token anderen Befehlen mit --token-file
SIGN_IN_OVER = die Anmeldung von { $login } ist abgelaufen: führen Sie `tally login { $login }` erneut aus
SIGN_IN_FIRST = kein Token: führen Sie zuerst `tally login NAME` aus, geben Sie eine Datei mit einem Token an (--token-file), oder übergeben Sie es per Pipe
FOLDER_UNWRITABLE = der Ordner { $path } kann nicht angelegt werden: { $cause }. Legen Sie ihn für den Benutzer dieses Prozesses an, oder geben Sie in { $setting } einen anderen an

## Bringing a bundle into a running suite

PERSON_NOT_IN_SUITE = für Sie ist in der Suite niemand mit der Personalnummer { $number } sichtbar: beheben Sie, warum diese Zeile von people.csv abgelehnt wurde, und wiederholen Sie den Import
ACCOUNT_NOT_IN_SUITE = für Sie ist in der Suite kein Konto { $label } sichtbar: beheben Sie, warum diese Zeile von accounts.csv abgelehnt wurde, und wiederholen Sie den Import
ROWS_OF_UNIT_REFUSED = ihre Einheit { $unit } wurde abgelehnt
ROWS_OF_NUMBER_REFUSED = die Nummer { $number } wurde in people.csv abgelehnt: diese Zeile meint möglicherweise jemand anderen als die Suite
ROWS_OF_ACCOUNT_REFUSED = das Konto { $label } wurde in accounts.csv abgelehnt: diese Zeile meint möglicherweise ein anderes als die Suite
ROWS_OF_RECORD_REFUSED = der Vorgang { $record } wurde in records.csv abgelehnt: seine Nachrichten gehören möglicherweise zu einem anderen als dem in der Suite
NICKNAME_REFUSED = der Alias { $alias } wurde in aliases.csv abgelehnt, und dieser Vorgang von { $number } nennt seine Servicekraft möglicherweise mit ihm
IMPORT_STOPPED =
    aus diesem Lauf { $rows ->
        [one] ist { $rows } Zeile
       *[other] sind { $rows } Zeilen
    } übernommen, dazu alles aus früheren Läufen: führen Sie denselben Befehl erneut aus, Übernommenes gilt als bereits vorhanden
    .mend =
        aus diesem Lauf { $rows ->
            [one] ist { $rows } Zeile
           *[other] sind { $rows } Zeilen
        } übernommen, dazu alles aus früheren Läufen: beheben Sie, was hier steht, und führen Sie denselben Befehl erneut aus, Übernommenes gilt als bereits vorhanden
IMPORT_SERVICE_AWAY =
    der Dienst { $service } war nicht erreichbar; nichts ist verloren: aus diesem Lauf { $rows ->
        [one] ist { $rows } Zeile
       *[other] sind { $rows } Zeilen
    } übernommen, dazu alles aus früheren Läufen. Führen Sie denselben Befehl erneut aus, sobald er wieder da ist; Übernommenes gilt als bereits vorhanden
IMPORT_DAMAGED = auf dem Weg dorthin gingen Werte verloren, und die Suite überschreibt nichts, würde also die Reste davon dauerhaft behalten: { $columns }
IMPORT_DAMAGED_COLUMN =
    in { $count ->
        [one] { $count } Zeile
       *[other] { $count } Zeilen
    } hat eine Tabellenkalkulation { $column } auf die ersten Ziffern gekürzt (etwa { $example })
    .failed =
        in { $count ->
            [one] { $count } Zeile
           *[other] { $count } Zeilen
        } enthält { $column } das, was eine Tabellenkalkulation anstelle eines Werts anzeigt (etwa { $example })
IMPORT_DAMAGED_CURE = nichts wurde geschrieben: exportieren Sie die Spalte als Text und ohne fehlerhafte Formeln, und importieren Sie erneut, oder geben Sie denselben Befehl mit --accept-damaged ein, um die Zeilen so zu schreiben, wie sie sind
IMPORT_HEADING = Was der Import gebracht hat, { $from } bis { $to }
IMPORT_READ = gelesen
IMPORT_REJECTED = zurückgewiesen
IMPORT_LEFT_OUT = zusammengefasst oder weggelassen
IMPORT_WRITTEN = geschrieben
IMPORT_REVISED = neue Version
IMPORT_UNCHANGED = bereits vorhanden
IMPORT_REFUSED = abgelehnt
IMPORT_CENSUS = Was die Suite enthält, soweit Sie es sehen dürfen
IMPORT_BEFORE = vorher
IMPORT_AFTER = nachher
IMPORT_UNITS = Organisationseinheiten
IMPORT_PEOPLE = Personen
IMPORT_ACCOUNTS = Konten
IMPORT_ALIASES = Aliasse
IMPORT_DEVICES = Geräte
IMPORT_SHIFTS = Schichten des Zeitraums
IMPORT_SHIFT_HOURS = deren Stunden
IMPORT_PUNCHES = Stempelungen des Zeitraums
IMPORT_HANDOVERS = Übergaben des Zeitraums
IMPORT_RECORDS = Vorgänge dieser Konten im Zeitraum
IMPORT_RECORD_HOURS = deren Stunden
IMPORT_AMOUNT = deren Umsatz in kleinster Einheit
IMPORT_CLAIMS = Beanspruchungen auf diesen Konten im Zeitraum
IMPORT_REJECTED_ROWS =
    { $rows ->
        [one] { $rows } Zeile war nicht lesbar; { $file } nennt sie mit Abhilfe.
       *[other] { $rows } Zeilen waren nicht lesbar; { $file } nennt jede mit Abhilfe.
    }
IMPORT_REVISED_ROWS =
    { $rows ->
        [one] { $rows } Zeile liegt in einer neuen Version vor; die frühere bleibt lesbar
       *[other] { $rows } Zeilen liegen in einer neuen Version vor; die früheren bleiben lesbar
    }
IMPORT_REFUSED_ROWS =
    { $rows ->
        [one] { $rows } Zeile wurde von der Suite nicht angenommen; { $file } nennt sie mit Grund.
       *[other] { $rows } Zeilen wurden von der Suite nicht angenommen; { $file } nennt jede mit Grund.
    }
IMPORT_NEEDS = für einen Import braucht es ein Konto, das Einheiten, Personen, Dienste und Vorgänge lesen und schreiben darf, etwa eines mit der Rolle group_hr

## Fields of requests

ROW_INVALID = { $problems }
INSTANT_IMPLAUSIBLE = erwartet wird ein Zeitpunkt in den Jahren { $first } bis { $last }: prüfen Sie das Jahr
VALUE_MISSING = muss angegeben werden
AT_MOST = höchstens { $max }
NUMBER_FROM_TO = { $from } bis { $to }
BEFORE_FROM = liegt vor from
THROUGH_OR_NAMED = fragt nach allen Einheiten: lassen Sie unit_ids leer, oder lassen Sie das weg
THROUGH_BEFORE = ist der letzte von mehreren Tagen: nennen Sie den ersten in as_of, und keinen, der danach liegt
NOT_AFTER_START = muss nach start liegen
CUT_OVER_MALFORMED = schreiben Sie HH:MM zwischen 00:00 und 11:59

## Attendance

NEVER_EMPLOYED = Sie haben noch keine Beschäftigung, daher lässt sich nicht sagen, wohin das gehört: fragen Sie Ihre Personalabteilung
PUNCH_REPEATED = zu genau diesem Zeitpunkt ist bereits eine Stempelung von Ihnen erfasst
FACT_SUPERSEDED = die Korrektur { $id } hat das bereits berichtigt, und es zählt nicht mehr: korrigieren Sie, was jetzt gilt
CORRECTION_WAITS = die Korrektur { $id } desselben Sachverhalts wartet auf Genehmigung: genehmigen Sie sie, lehnen Sie sie ab, oder ziehen Sie sie zuerst zurück
CORRECTION_NOT_WAITING =
    { $stage ->
        [approved] die Korrektur wurde bereits genehmigt
        [rejected] die Korrektur wurde abgelehnt: beantragen Sie sie neu
        [withdrawn] die Korrektur wurde zurückgezogen: beantragen Sie sie neu
       *[other] die Korrektur gilt bereits
    }
CORRECTION_OUTDATED = die Korrektur { $id } hat den Sachverhalt seit diesem Antrag berichtigt: lehnen Sie ihn ab, und beantragen Sie neu, was jetzt gelten soll
    .gone = der Sachverhalt wird seit diesem Antrag nicht mehr aufbewahrt: lehnen Sie ihn ab
OWN_CORRECTION = niemand entscheidet über eine Korrektur in eigener Sache: das muss jemand anderes tun
CORRECTION_OF_OTHERS = eine Korrektur zieht nur zurück, wer sie beantragt hat: lehnen Sie sie stattdessen ab
PERIOD_PURGED = was vor dem { $day } liegt, wird nicht mehr aufbewahrt und kann nicht korrigiert werden
    .cycle = ein Zeitraum, der vor dem { $day } beginnt, beruht auf { $kind }, und nach Ablauf der Aufbewahrungsfrist kann davon etwas entfernt sein; der Zyklus kann daher nicht neu berechnet werden: regeln Sie das Falsche außerhalb von Tally
    .close = ein Zeitraum, der vor dem { $day } beginnt, beruht auf { $kind }; nach Ablauf der Aufbewahrungsfrist kann davon etwas entfernt sein, und das Fehlende würde unbemerkt fehlen: wählen Sie einen Zeitraum, der am { $day } oder später beginnt, oder lassen Sie zuerst { $kind } länger aufbewahren (SetRetention), und importieren Sie, was fehlt
    .row = was vor dem { $day } liegt, wird nicht mehr aufbewahrt, und diese Zeile ist nicht vorhanden: lassen Sie sie weg, oder lassen Sie zuerst { $kind } länger aufbewahren (SetRetention)
    .named = { $name } ist nicht vorhanden, und was vor dem { $day } liegt, wird nicht mehr aufbewahrt: lassen Sie es weg, oder lassen Sie zuerst { $kind } länger aufbewahren (SetRetention)
ALREADY_DIFFERENT = { $why }: korrigieren Sie das zuerst
FACT_IN_FUTURE = { $at } ist noch nicht erreicht, es ist { $now }: eine Stempelung oder Übergabe wird korrigiert, wenn sie stattgefunden hat; um vorauszuplanen, veröffentlichen Sie eine Schicht
LATE_CHANGE_UNEXPLAINED = die Schicht hat begonnen: geben Sie an, warum sie jetzt geändert wird
CORRECTION_ACTION_EXPECTED = add, void oder move
ALIAS_DAY_OUTSIDE = muss einer der Tage sein, an denen der Alias diese Person meint
DEVICE_DAY_OUTSIDE = muss einer der Tage sein, an denen das Gerät zu dieser Person oder diesem Arbeitsplatz gehört
DEVICE_OWNER_EXPECTED = ein Gerät gehört zu einer Person (person_id) oder zu einem Arbeitsplatz (seat): geben Sie eines von beiden an
HANDOVER_REPEATED = zu genau diesem Zeitpunkt ist diese Übergabe bereits erfasst
PERSON_UNKNOWN = keine Person { $id }: importieren Sie zuerst die Personen und dann, was sie getan haben
ACCOUNT_UNKNOWN = kein Konto { $id }: importieren Sie zuerst die Konten
    .file = { $account } steht nicht in accounts.csv{ $hint }
PLACE_REGION_UNKNOWN = keine Einheit des Konzerns liegt in der Region { $region }
PLACE_UNIT_UNKNOWN = der Konzern hat heute keine Einheit { $unit }
PLACE_TEAM_NOT_UNIT = das Team { $team } ist nicht die Einheit { $unit }: lassen Sie eines von beiden weg
PLACE_REGION_OF_UNIT = die Einheit liegt in der Region { $is }, nicht in { $said }: lassen Sie die Region weg
ACCOUNT_CONTRADICTS_ROW = { $key } widerspricht einer früheren Zeile dieses Aufrufs in { $fields }: die Angaben zu einem Konto bleiben bestehen
ACCOUNT_CONTRADICTS_STORED = { $key } widerspricht dem Vorhandenen in { $fields }: die Angaben zu einem Konto bleiben bestehen, nur Phasen mit späterem Datum kommen hinzu
    .team = { $key } widerspricht dem Vorhandenen in { $fields }: das Konto gehört zur Einheit { $unit }, und { $team } ist heute eine andere Einheit. Schreiben Sie den heutigen Pfad seiner eigenen Einheit oder nur unit_id
    .closed = { $key } widerspricht dem Vorhandenen in { $fields }: das Konto gehört zur Einheit { $unit }, die geschlossen wurde und heute keinen Pfad hat, und { $team } ist eine andere Einheit. Schreiben Sie nur unit_id, ohne das Team
ACCOUNT_OUT_OF_REACH = { $key } liegt außerhalb dessen, was Sie senden dürfen: lassen Sie es weg, oder lassen Sie es von jemandem senden, der das darf
FACT_OUT_OF_REACH = an diesem Tag liegt die Person außerhalb dessen, was Sie senden dürfen: senden muss es, wer das Team damals hatte, oder jemand aus dem Konzern
ALIAS_DIFFERENT = dieser Alias ist ab demselben Datum bereits mit einer anderen Person (employee_no) und einem anderen Ende (to) vorhanden
    .person = dieser Alias ist ab demselben Datum bereits mit einer anderen Person (employee_no) vorhanden
    .end = dieser Alias ist ab demselben Datum bereits mit einem anderen Ende (to) vorhanden
DEVICE_DIFFERENT = dieses Gerät ist ab demselben Datum für dieselbe Person oder denselben Arbeitsplatz bereits mit einem anderen Ende (to) vorhanden
SHIFT_CANCELLED = die Schicht dieser Person auf diesem Konto ab { $start } wurde abgesagt, und ein Dienstplan bringt sie nicht zurück: um sie wieder einzuplanen, ändern Sie die Schicht { $shift } (ChangeShift)
SHIFT_DIFFERENT = die Schicht dieser Person auf diesem Konto ab { $start } ist bereits mit einem anderen Ende vorhanden
    .seat = die Schicht dieser Person auf diesem Konto ab { $start } ist bereits mit einem anderen Arbeitsplatz vorhanden, oder ohne, während diese Zeile einen nennt
PUNCH_DIFFERENT = am { $at } ist eine Stempelung dieser Person in die andere Richtung bekannt (kind)
HANDOVER_DIFFERENT = am { $at } hat das nach dem bisherigen Stand eine andere Person getan (employee_no), und dieses Konto hat immer nur eine Person
    .kind = am { $at } hat diese Person nach dem bisherigen Stand das Gegenteil getan (kind)
SITE_DIFFERENT = der Standort { $name } ist bereits mit einer anderen Zeitzone, Tagesgrenze oder Region vorhanden
ALIAS_OVERLAP = dieser Alias meint an einigen dieser Tage bereits jemanden: beenden Sie das eine, bevor das andere beginnt
SLASH_NOT_ALLOWED = darf keinen Schrägstrich enthalten: er verbindet Plattform, Shop und Namen
PHASES_MISSING = mindestens eine: wie das Konto genutzt wird
DIRECTION_EXPECTED = geben Sie an, was besser ist: höher oder niedriger
NORMALISATION_EXPECTED = geben Sie an, wie aus einem Wert Punkte werden: target_piecewise, min_max, percentile oder t_score
PHASE_KIND_EXPECTED = shared, mixed oder named
PHASE_TWICE = an diesem Datum beginnen zwei Phasen
HANDOVER_KIND_EXPECTED = take oder release
PUNCH_KIND_EXPECTED = in oder out
SHIFT_TOO_LONG = eine Schicht ist kürzer als { $hours } Stunden
PERIOD_TOO_LONG = höchstens { $days } Tage
DUTY_VERSION_EXPECTED = erwartet wird 1, 2 oder 3, oder 0 für die neueste
PUNCH_OF_SHIFT = sie gehört zu Ihrer Schicht, die um { $start } beginnt
PUNCH_CAME = Sie sind ab jetzt eingestempelt
PUNCH_LEFT = sie schließt den Abschnitt, der um { $since } begann
PUNCH_STILL_IN = Sie waren seit { $since } noch eingestempelt: dieser Abschnitt endet hier, und ein neuer beginnt
PUNCH_NOT_IN = Sie haben in den letzten { $hours } Stunden nicht eingestempelt: beantragen Sie eine Korrektur, falls Sie es vergessen haben
PUNCH_NOT_PLANNED = zu dieser Zeit ist keine Schicht von Ihnen geplant
PUNCH_DRIFT = die Uhr Ihres Geräts weicht um { $seconds } s von unserer ab; es zählt unsere
DUTY_DOUBLE_IN = { $number } hat am { $at } erneut eingestempelt, ohne auszustempeln; der erste Abschnitt endet dort
DUTY_IN_WITHOUT_OUT = { $number } hat am { $at } eingestempelt und innerhalb von { $hours } h nicht ausgestempelt; der Abschnitt zählt nicht
DUTY_OUT_MAY_COME = die Stempelung von { $number } am { $at } gilt als Kommen, und die Stempelungen enden am { $last } ohne Gehen; das ergibt keine Anwesenheit, und eine Schicht dieses Arbeitstags zählt nur, soweit ein Stempelpaar sie abdeckt
DUTY_LONE_IN = die Stempelung von { $number } am { $at } gilt als Kommen, und innerhalb von { $hours } h folgt kein Gehen; das ergibt keine Anwesenheit, und eine Schicht dieses Arbeitstags zählt nur, soweit ein Stempelpaar sie abdeckt
DUTY_LONE_OUT = die Stempelung von { $number } am { $at } gilt als Gehen, und in den { $hours } h davor gab es kein Kommen; das ergibt keine Anwesenheit, aber eine Schicht dieses Arbeitstags zählt nur, soweit ein Stempelpaar sie abdeckt, und eine Belegung ohne Rückgabe endet dort
DUTY_SHIFT_UNCOVERED = { $number } war auf { $account } von { $start } bis { $end } eingeplant und hat an diesem Arbeitstag gestempelt, aber kein Stempelpaar deckt etwas davon ab; die Schicht zählt nicht, bis die fehlenden Stempelungen ergänzt sind
DUTY_SHIFT_BARELY_COVERED =
    { $number } war auf { $account } von { $start } bis { $end } eingeplant und hat an diesem Arbeitstag gestempelt, aber { $why ->
        [other] die Stempelungen, die in diese Schicht reichen, gehören zu einer anderen
       *[edge] kein Stempelpaar deckt etwas von ihrer geplanten Zeit ab
    }; an ihrem Rand zählen höchstens { $minutes } min, bis die fehlenden Stempelungen ergänzt sind
DUTY_SHIFT_HELD_BY_OTHERS = { $number } war auf { $account } von { $start } bis { $end } eingeplant, aber laut Übergabeprotokoll hatten in der anrechenbaren Zeit nur andere das Konto; die Schicht zählt nicht, und falls { $number } damals Kunden betreut hat, sind Übernahme und Rückgabe zu ergänzen
DUTY_OUT_WITHOUT_IN = { $number } hat am { $at } ausgestempelt, ohne in den { $hours } h davor einzustempeln; das zählt nicht
DUTY_OUT_AFTER_CLOSED_IN = die Stempelung von { $number } am { $at } gilt als Gehen, aber das Kommen davor wurde am { $out } geschlossen; sie ergibt keine Anwesenheit, und eine Belegung ohne Rückgabe endet dort
DUTY_SHIFT_NOT_EMPLOYED = { $number } ist auf { $account } von { $start } bis { $end } eingeplant und dann nicht beschäftigt: die Schicht zählt nicht; korrigieren Sie den Dienstplan oder die Tage der Beschäftigung
DUTY_PUNCH_NOT_EMPLOYED = { $number } hat am { $at } gestempelt und ist dann nicht beschäftigt: das zählt nicht; korrigieren Sie die Stempelung oder die Tage der Beschäftigung
DUTY_HOLD_NOT_EMPLOYED = { $number } hat am { $at } { $account } übernommen und ist dann nicht beschäftigt: die Belegung zählt nicht; korrigieren Sie die Übergabe oder die Tage der Beschäftigung
DUTY_IN_AND_OUT_AT_ONCE = { $number } hat am { $at } gleichzeitig ein- und ausgestempelt; das ergibt keine Anwesenheit
DUTY_NOBODY = zu { $account } gibt es Belege, und trotzdem war im Zeitraum niemand im Dienst
DUTY_NO_EVIDENCE_V1 =
    kein Dienstplan, keine Stempelung und keine Übergabe sagt etwas über { $account } im Zeitraum: seine gesamte Arbeit wird auf das ganze Team verteilt ({ $scope ->
        [all] alle
       *[team] { $team }
    }, { $people ->
        [one] { $people } Person
       *[other] { $people } Personen
    }); veröffentlichen Sie Dienstpläne, oder lassen Sie stempeln
DUTY_NO_EVIDENCE =
    kein Dienstplan, keine Stempelung und keine Übergabe sagt etwas über { $account } im Zeitraum: das ganze Team gilt als im Dienst ({ $scope ->
        [all] alle
       *[team] { $team }
    }, Personen: { $people }); veröffentlichen Sie Dienstpläne, oder lassen Sie stempeln
DUTY_RELEASE_WITHOUT_TAKE = { $number } hat { $account } am { $at } zurückgegeben, ohne es zu haben; das zählt nicht
DUTY_NEVER_RELEASED =
    { $number } hat { $account } am { $since } übernommen und nie zurückgegeben; die Belegung endet am { $end } mit { $by ->
        [release] der Rückgabe
        [punch_out] dem nächsten Ausstempeln
        [roster] dem Ende des Dienstplans
        [too_long] der längsten zulässigen Dauer
       *[taken_again] der nächsten Übernahme
    }
DUTY_NO_RELEASE_KNOWN =
    { $number } hat { $account } am { $since } übernommen, und danach ist keine Rückgabe bekannt; die Belegung endet am { $end } mit { $by ->
        [release] der Rückgabe
        [punch_out] dem nächsten Ausstempeln
        [roster] dem Ende des Dienstplans
        [too_long] der längsten zulässigen Dauer
       *[taken_again] der nächsten Übernahme
    }
DUTY_TAKEN_AGAIN =
    { $number } hat { $account } am { $since } übernommen und am { $again } ohne Rückgabe dazwischen erneut; die Belegung endet am { $end } mit { $by ->
        [release] der Rückgabe
        [punch_out] dem nächsten Ausstempeln
        [roster] dem Ende des Dienstplans
        [too_long] der längsten zulässigen Dauer
       *[taken_again] der nächsten Übernahme
    }
DUTY_HELD_BY_TWO =
    { $first } und { $second } haben { $account } von { $from } bis { $until } gleichzeitig belegt; { $why ->
        [exclusive] es darf immer nur eine Person belegen
       *[unreleased] die erste Person hatte es nicht zurückgegeben
    }

## What to do about findings

FINDING_ADVICE =
    { $kind ->
        [NO_DUTY_EVIDENCE] importieren Sie einen Dienstplan des Kontos, oder lassen Sie die Personen stempeln oder übergeben, und starten Sie den Lauf erneut
        [UNHELD_ACCOUNT] ergänzen Sie die Schicht der Person, die das Konto damals betreut hat, oder die fehlenden Stempelungen oder die Übernahme; verschieben Sie einen Vorgang, der zu einem anderen Konto gehört (MoveRecord)
        [OVERLAP] ergänzen Sie die Rückgabe der Person, die das Konto nicht mehr hatte, als die andere es übernahm (CorrectHandover)
        [MISSING_RELEASE] ergänzen Sie die Rückgabe (CorrectHandover)
        [RELEASE_WITHOUT_TAKE] ergänzen Sie die zur Rückgabe gehörende Übernahme, oder streichen Sie die Rückgabe (CorrectHandover)
        [DOUBLE_IN] ergänzen Sie das Gehen vor dem zweiten Kommen, oder streichen Sie eines der beiden (CorrectPunch)
        [MISSING_PUNCH] ergänzen Sie die fehlende Stempelung, oder streichen Sie die einzelne (CorrectPunch)
        [UNCOVERED_SHIFT] ergänzen Sie die Stempelungen der Schicht (CorrectPunch), oder sagen Sie sie ab, wenn niemand gekommen ist (CancelShift)
        [BARELY_COVERED_SHIFT] ergänzen Sie die fehlenden Stempelungen der Schicht (CorrectPunch), oder ändern Sie ihre Zeiten (ChangeShift)
        [HELD_BY_OTHERS] ergänzen Sie Übernahme und Rückgabe der Person, die laut Dienstplan betreut hat (CorrectHandover), oder sagen Sie die Schicht ab (CancelShift)
        [NOT_EMPLOYED] korrigieren Sie den Dienstplan, die Stempelung oder die Übergabe, oder die Tage der Beschäftigung (ChangeEmployment)
        [TAG_OFF_DUTY] ergänzen Sie die Schicht oder die Stempelungen der im Vorgang genannten Person, verschieben Sie ihn auf das Konto, zu dem er gehört (MoveRecord), oder senden Sie ihn mit dem richtigen Namen und einer höheren Revision erneut
        [NAMED_WITHOUT_AGENT] senden Sie die Vorgänge mit dem Namen der Servicekraft und einer höheren Revision erneut
        [MIXED_WITHOUT_TAG] senden Sie die Vorgänge mit dem Namen der Servicekraft und einer höheren Revision erneut, oder belassen Sie es beim Dienstplan
        [TOO_FEW_TO_INFER] es ist nichts zu tun; Übergaben oder Namen in den Vorgängen sagen genauer, wer betreut hat
        [DID_NOT_SETTLE] es ist nichts zu tun; Übergaben sagen genauer, wer betreut hat
        [SEVERAL_AT_ONCE] senden Sie die Zeiten der Antworten, oder lassen Sie die Personen ihre Dialoge beanspruchen; auch Namen in den Vorgängen sagen genauer, wer betreut hat
        [TOO_FEW_REPLIES] in einem kleinen Monat ist nichts zu tun; Namen in den Vorgängen oder Beanspruchungen sagen genauer, wer betreut hat
        [REPLIES_TOO_DENSE] lassen Sie ein Zehntel der Vorgänge mit Namen versehen, per Klick beanspruchen (MakeClaim) oder an bekannten Geräten schreiben (ImportDevices), und Pausen stempeln
        [EVIDENCE_UNEVEN] lassen Sie alle auf dem Konto gleichermaßen klicken (MakeClaim), mit Namen zeichnen oder an bekannten Geräten schreiben (ImportDevices)
        [CLOCK_WITHOUT_SECONDS] lassen Sie die Zeiten der Antworten mit Sekunden exportieren
        [CLAIM_OFF_DUTY] prüfen Sie, wer geklickt hat, sowie Stempelungen und Dienstplan dieses Tages
        [CLAIM_WITHOUT_RECORD] prüfen Sie, ob der Vorgang gesendet wurde, und die Uhr der Beanspruchungen
        [CLAIMS_DIFFER] fragen Sie nach, wer betreut hat, und lassen Sie den Vorgang seine Servicekraft nennen
        [DEVICE_OFF_DUTY] prüfen Sie, wem das Gerät gehört, sowie Stempelungen und Dienstplan dieses Tages
        [DEVICE_OF_SEVERAL] geben Sie an, wem das Gerät von wann bis wann gehört
        [DEVICE_OF_NOBODY] geben Sie an, wem das Gerät an diesen Tagen gehört, unter dem Namen, den die Vorgänge ihm geben (ImportDevices), oder planen Sie jemanden an seinem Arbeitsplatz ein
        [EVIDENCE_NOT_READ] nennen Sie Version 3 der Richtlinie, die das liest, oder keine für die neueste; oder lassen Sie es so, der Monat wird dann ohne das zugerechnet
        [REPLY_OUTSIDE_RECORD] prüfen Sie, wann der Vorgang beginnt und endet, und die Uhr der Antworten
        [BREAKS_NOT_PUNCHED] lassen Sie zu Beginn einer Pause aus- und danach wieder einstempeln (RecordPunch), oder das Konto übergeben
        [CLOCKS_APART] stellen Sie die Uhr des Arbeitsplatzsystems richtig, und lassen Sie dessen Nachrichten erneut exportieren, wenn sie mit der richtigen Zeit aufbewahrt werden sollen
        [UNKNOWN_AGENT] geben Sie an, wem der Name gehört (ImportAliases), oder senden Sie die Vorgänge mit dem richtigen erneut
        [ACCOUNT_UNKNOWN] importieren Sie das Konto (ImportAccounts), oder verschieben Sie die Vorgänge auf das, zu dem sie gehören (MoveRecord)
        [POPULATION_CHANGED] schließen Sie den Zyklus erneut ab, sofern es nicht beim bisherigen Personenkreis bleiben soll (CloseCycle)
        [AMOUNTS_CONVERTED] es ist nichts zu tun; ist ein Kurs falsch, hinterlegen Sie den richtigen (SetRates), und starten Sie den Lauf erneut
        [MEASURE_NOT_SENT] senden Sie, was der Satz nennt, oder nehmen Sie die Kennzahl aus dem Bewertungsmodell
        [OBSERVATIONS_BEYOND_PERIOD] nehmen Sie die Beobachtung heraus (WithdrawObservation), und senden Sie sie in Teilen, jeder mit Tagen eines Zeitraums, oder schließen Sie einen Zeitraum ab, der alle ihre Tage enthält
        [OBSERVATIONS_UNREAD] senden Sie sie unter dem richtigen Namen erneut, und nehmen Sie diese heraus (WithdrawObservation), oder lassen Sie ein Bewertungsmodell die Messgröße lesen; sollen sie für später aufbewahrt werden, ist nichts zu tun
        [REFUND_EXCEEDS_SALE] senden Sie die Erstattung mit dem richtigen Betrag und einer höheren Revision erneut, oder nehmen Sie sie heraus (WithdrawRecord); stimmt sie, senden Sie den Verkauf mit dem tatsächlichen Erlös erneut
        [CONTRIBUTOR_UNKNOWN] geben Sie an, wem der Name gehört (ImportAliases), oder senden Sie den Vorgang mit den richtigen Mitwirkenden und einer höheren Revision erneut
        [CONTRIBUTOR_OFF_DUTY] hat jemand außerhalb der eigenen Zeiten geholfen, ist nichts zu tun; sonst ergänzen Sie die Schicht oder die Stempelungen, oder senden Sie den Vorgang mit den richtigen Mitwirkenden und einer höheren Revision erneut
        [CONTRIBUTORS_NOT_SPLIT] nennen Sie eine Richtlinie mit Aufteilung, damit solche Vorgänge geteilt werden, oder lassen Sie es so: die Mitwirkenden bleiben vermerkt
        [STANDARD_WITHDRAWN] schreiben Sie eine neue Version des Bewertungsmodells, die einem gültigen Standard folgt (ListRefinements sagt, was passt), legen Sie damit einen Zyklus an und schließen ihn ab, oder korrigieren Sie damit einen veröffentlichten (CorrectCycle); lassen Sie es so, wenn der Monat noch nach dem alten beurteilt werden soll
       *[other] sehen Sie sich an, was er nennt, korrigieren Sie es, wo es falsch ist, und starten Sie den Lauf erneut
    }
FIX_REFUSED = die Korrektur wurde nicht angenommen: { $why }
FINDING_WITHOUT_FIX = kein einzelner Aufruf behebt eine Auffälligkeit der Art { $kind }: der Ratschlag dazu sagt, was zu tun ist

## Performance

CYCLE_CLOSING = der Zyklus wird gerade abgeschlossen: verfolgen Sie es, oder brechen Sie es zuerst ab
CYCLE_PUBLISHED = der Zyklus ist veröffentlicht und ändert sich nicht mehr: korrigieren Sie ihn mit CorrectCycle, wenn sein Ergebnis anders lauten muss
CYCLE_NOT_CLOSING = der Zyklus wird gerade nicht abgeschlossen, daher ist nichts abzubrechen
CYCLE_NOT_REVIEWABLE = der Zyklus hat kein Ergebnis, das sich veröffentlichen ließe: schließen Sie ihn zuerst ab
CYCLE_WITHOUT_RESULT = der Zyklus hat noch kein Ergebnis: schließen Sie ihn ab, und verfolgen Sie ihn, bis er geprüft werden kann
PERIOD_WITHOUT_RECORDS = kein Servicevorgang eines Kontos begann zwischen { $from } und { $to }: importieren Sie die Vorgänge dieser Tage, oder legen Sie einen Zyklus über andere Tage an
    .part = zwischen { $from } und { $to } begann kein Servicevorgang eines Kontos seiner Einheit oder eines Kontos, das ihre Personen betreut haben: importieren Sie die Vorgänge dieser Tage; sind sie vorhanden, ordnen Sie die Konten ihrem Team in der Einheit zu, und korrigieren Sie die Beschäftigungen der betreuenden Personen; sind die Teams in eine andere Einheit gewechselt, schließt jene ihren Monat ab
NOBODY_CREDITED =
    { $records ->
        [one] der einzige Vorgang konnte niemandem zugerechnet werden
       *[other] keiner der { $records } Vorgänge konnte jemandem zugerechnet werden
    }: importieren Sie Dienstpläne, Stempelungen oder Übergaben des Zeitraums, und schließen Sie dann erneut ab
    .unemployed =
        { $records ->
            [one] der einzige Vorgang konnte niemandem zugerechnet werden
           *[other] keiner der { $records } Vorgänge konnte jemandem zugerechnet werden
        }, da zwischen { $from } und { $to } niemand beschäftigt ist: korrigieren Sie die Beschäftigungen oder den Zeitraum, und schließen Sie dann erneut ab
    .elsewhere = niemand aus dem Personenkreis hat einen Anteil an einem Vorgang: was der Zurechnungslauf gelesen hat, wird Personen zugerechnet, die nicht dazugehören ({ $elsewhere } von { $records }). Sehen Sie nach, wer dazugehört und warum (PreviewPopulation), korrigieren Sie die Beschäftigungen oder das Konto, die Servicekraft oder den Dienstplan, auf denen die Vorgänge beruhen, und schließen Sie dann erneut ab
CYCLE_REFUSED = { $message }
CYCLE_GIVEN_UP = der Abschluss wurde mehrmals vergeblich versucht ({ $reason }): schließen Sie erneut ab, und fragen Sie den Betreiber, wenn es wieder scheitert
STEP_QUEUED = wartet auf einen Worker
STEP_COLLECTING = sammelt Personen, Konten und Dienste
STEP_ATTRIBUTING = rechnet Vorgänge Personen zu
STEP_SCORING = erstellt Scorecards
RUN_RESTS = der Zurechnungslauf ist bereits beendet, daher ist nichts anzuhalten
RUN_NOT_DONE = der Zurechnungslauf hat kein Ergebnis: verfolgen Sie ihn, bis er fertig ist, oder starten Sie einen neuen
RUN_DIFFERS = der Zurechnungslauf betrifft andere Tage oder eine andere Richtlinie als der Zyklus: nennen Sie einen passenden Lauf oder keinen, dann wird einer gestartet
RUN_COVERS_PART = der Zurechnungslauf betrifft einige Konten oder Einheiten und nicht alles, was der Zyklus betrifft: nennen Sie einen Lauf über die Einheit des Zyklus oder eine darüber, oder keinen, dann wird einer gestartet
    .moved =
        { $people ->
            [one] { $people } Person, die am { $day } (as_of) im Zyklus ist, gehört am { $last } woandershin,
           *[other] { $people } Personen, die am { $day } (as_of) im Zyklus sind, gehören am { $last } woandershin,
        } samt den Konten, die sie betreut haben: lassen Sie einen Lauf für { $unit } starten (StartAttributionRun, durch jemanden, dessen Rechte dorthin reichen), und nennen Sie ihn (attribution_run_id), oder nehmen Sie den letzten Tag als as_of
    .moved_group =
        { $people ->
            [one] { $people } Person, die am { $day } (as_of) im Zyklus ist, gehört am { $last } woandershin,
           *[other] { $people } Personen, die am { $day } (as_of) im Zyklus sind, gehören am { $last } woandershin,
        } samt den Konten, die sie betreut haben: lassen Sie einen Lauf für den Konzern starten (StartAttributionRun, durch die Personalabteilung des Konzerns), und nennen Sie ihn (attribution_run_id), oder nehmen Sie den letzten Tag als as_of
RUN_AWAITED = mit diesem Zurechnungslauf wird gerade ein Zyklus abgeschlossen: brechen Sie stattdessen den Abschluss des Zyklus ab
RUN_OUTDATED = Vorgänge von { $account } wurden geändert, seit der Zurechnungslauf sie gelesen hat, und das Bewertungsmodell liest eine Spalte, die der Lauf nicht summiert hat: starten Sie einen neuen Lauf, oder schließen Sie ab, ohne einen zu nennen
RUN_WITHOUT_RATES = das Bewertungsmodell nennt seine Währung, und der Zurechnungslauf stammt aus der Zeit, bevor Kurse festgehalten wurden: schließen Sie den Zyklus ab, ohne den Lauf zu nennen, oder starten Sie einen neuen
    .on = der Vorgang { $record } von { $account } vom { $day } ist in einer anderen Währung, und der Zurechnungslauf hat keine Kurse dieses Tages, da kein Bewertungsmodell, für das er gestartet wurde oder das damals galt, so weit zurückblickt: schließen Sie den Zyklus ab, ohne den Lauf zu nennen, oder starten Sie einen neuen
RUN_STOPPED = der Zurechnungslauf wurde angehalten: schließen Sie den Zyklus erneut ab
RUN_BELONGS_ABOVE =
    { $own ->
        [0]
            Personen dieser Einheit betreuen Konten von { $units ->
                [0] anderen Einheiten
               *[other] { $beyond }
            }
       *[other]
            Personen von { $units ->
                [0] anderen Einheiten
               *[other] { $beyond }
            } betreuen dieselben Konten ({ $accounts })
    }, und wer zusammengearbeitet hat, wird zusammen zugerechnet: lassen Sie den Zurechnungslauf für { $unit } starten (StartAttributionRun, durch jemanden, dessen Rechte dorthin reichen), und schließen Sie dann damit ab (CloseCycle mit attribution_run_id)
    .group =
        { $own ->
            [0]
                Personen dieser Einheit betreuen Konten von { $units ->
                    [0] anderen Einheiten
                   *[other] { $beyond }
                }
           *[other]
                Personen von { $units ->
                    [0] anderen Einheiten
                   *[other] { $beyond }
                } betreuen dieselben Konten ({ $accounts })
        }, und wer zusammengearbeitet hat, wird zusammen zugerechnet: lassen Sie den Zurechnungslauf für den ganzen Konzern starten (StartAttributionRun ohne Einheit, durch die Personalabteilung des Konzerns), und schließen Sie dann damit ab (CloseCycle mit attribution_run_id)
SCHEME_OF_ANOTHER_UNIT = das Bewertungsmodell gehört zu einer Einheit, zu der der Zyklus nicht gehört: nehmen Sie eines des Konzerns, der Einheit oder einer darüber
POPULATION_EMPTY = niemand ist im Zyklus: sehen Sie mit PreviewPopulation nach, wer dazugehört und wer nicht, und nennen Sie andere Einheiten, Positionen, Stufen oder Personen
POPULATION_UNIT_BEYOND = { $unit } ist an diesem Tag nicht die Einheit des Zyklus und liegt nicht darunter
POPULATION_PERSON_BEYOND = { $person } gehört an diesem Tag nicht zur Einheit des Zyklus oder darunter
POPULATION_PERSON_UNKNOWN = niemand im Konzern hat die ID { $person }: suchen Sie die ID mit ListPeople
POPULATION_AS_OF_OUTSIDE = { $day } ist kein Tag des Zyklus: nennen Sie einen Tag von { $from } bis { $to }, oder keinen, dann gilt { $to }
STANDARD_WITHDRAWN = das Bewertungsmodell „{ $scheme }“ verfeinert Version { $version } des Standards „{ $standard }“, die ab dem { $from } außer Kraft ist: der Zyklus wird trotzdem danach bewertet
    .instead = das Bewertungsmodell „{ $scheme }“ verfeinert Version { $version } des Standards „{ $standard }“, die ab dem { $from } außer Kraft ist und durch Version { $instead } ersetzt werden soll: der Zyklus wird trotzdem danach bewertet
POPULATION_CHANGED = kam zum Personenkreis hinzu oder verließ ihn, während der Zyklus abgeschlossen wurde
    .came = gehört jetzt zum Personenkreis, zu Beginn des Abschlusses aber noch nicht, und hat keine Scorecard: schließen Sie den Zyklus erneut ab, um die Person einzubeziehen
    .left = gehörte zu Beginn des Abschlusses zum Personenkreis, jetzt aber nicht mehr, und hat eine Scorecard: schließen Sie den Zyklus erneut ab, um die Person wegzulassen
CYCLE_OR_RUN = nennen Sie einen Zyklus oder einen Zurechnungslauf, nicht beides
RUN_GONE = der Lauf wurde abgebrochen
WORKER_GONE = der Worker ist ausgefallen
TIME_OF_DAY_MALFORMED = „{ $text }“ ist keine Uhrzeit: schreiben Sie 04:00
RULES_VERSION_UNKNOWN = „{ $version }“ ist keine Version der Regeln: schreiben Sie 1, 2 oder 3
RULES_VERSION_DIFFERS = lassen Sie es weg, oder schreiben Sie { $version } wie in policy.version
ACCOUNT_ELSEWHERE =
    das Konto { $account } liegt in der Region { $region } und gehört { $unit ->
        [none] zu keiner Einheit
       *[other] zur Einheit { $unit }
    }: geben Sie es so an
EXTERNAL_ID_MISSING = external_id ist leer: geben Sie die ID des Vorgangs auf der Plattform an
RECORD_TEXT_TOO_LONG = { $field } ist zu lang: höchstens { $max } Zeichen
MEASURE_TOO_LONG = eine Messgröße ist zu lang: höchstens { $max } Zeichen
MEASURES_TOO_MANY = die Liste der Messgrößen ist zu lang: höchstens { $max }
RECORD_TIME_MISSING = { $field } fehlt oder ist keine Zeitangabe
INTERVAL_BACKWARDS = endet am { $ended }, bevor es am { $started } beginnt: korrigieren Sie eines von beiden
RECORD_TIME_IMPLAUSIBLE = { $field } liegt nicht in den Jahren { $first } bis { $last }: prüfen Sie das Jahr
INTERVAL_TOO_LONG = dauert von { $started } bis { $ended }, und kein Vorgang dauert länger als { $days } Tage: korrigieren Sie die Daten
AMOUNT_OUT_OF_RANGE = der Betrag liegt über { $most } in kleinster Einheit: prüfen Sie die Einheit
REPLY_OUT_OF_RANGE = die erste Antwort kam nach mehr als { $most } Sekunden: prüfen Sie die Einheit, oder lassen Sie es weg
MEASURE_OUT_OF_RANGE = die Messgröße „{ $name }“ hat mehr als { $digits } Stellen vor dem Punkt: prüfen Sie die Einheit
AMOUNT_NEGATIVE = der Betrag ist negativ: nennen Sie in refers_to den Vorgang, dessen Erstattung es ist
REFUND_TAKES_NOTHING = durch refers_to ist es eine Erstattung, aber der Betrag ist nicht negativ: schreiben Sie den erstatteten Betrag mit einem Minus, oder lassen Sie refers_to leer
REFERS_TO_NOTHING = { $id } verweist auf { $other }, was kein Vorgang dieses Kontos ist: senden Sie jenen zuerst oder im selben Aufruf
REFERS_TO_REFUND = { $id } verweist auf { $other }, was selbst eine Erstattung ist: nennen Sie den betreuten Vorgang
REFERENCE_FIXED = { $id } ist vorhanden und verweist auf einen anderen Vorgang oder auf keinen: nehmen Sie ihn heraus, und senden Sie die Erstattung unter einer eigenen ID
REPLY_RECORD_UNKNOWN = auf diesem Konto gibt es keinen Vorgang { $id }, oder er ist von einem Tag, den Sie nicht importieren dürfen: importieren Sie den Vorgang zuerst, oder korrigieren Sie seine ID oder sein Konto
    .account = { $account } ist die ID keines Kontos: geben Sie sie so an, wie die Listen sie nennen
REPLIES_MISSING = { $id } hat keine Nachricht: senden Sie mindestens eine, oder lassen Sie die Zeile weg
REPLY_SIDE_MISSING = by fehlt: geben Sie an, ob die Servicekraft oder die Kundschaft sie geschrieben hat (agent oder customer)
REPLIES_TOO_MANY = { $id } hätte { $count } Nachrichten, und ein Vorgang hat höchstens { $most }: prüfen Sie, ob eine ID für mehrere Dialoge steht
    .import = ein Aufruf nimmt höchstens { $most } Nachrichten an, das sind { $count }: senden Sie mehrere Aufrufe
CLAIM_NAMES_BOTH = sie nennt einen Vorgang und einen Kunden: nennen Sie eines von beiden, oder keines für den nächsten Vorgang auf dem Konto
CLAIM_OUT_OF_REACH = Beanspruchungen auf dem Konto { $account } liegen außerhalb dessen, was Sie senden dürfen: lassen Sie sie weg, oder lassen Sie sie von jemandem senden, der das darf
CLAIM_WITHDRAWN = die Beanspruchung vom { $at } wurde zurückgenommen ({ $why }): lassen Sie sie weg
OBSERVATION_OUT_OF_REACH = { $name } liegt außerhalb dessen, was Sie senden dürfen: lassen Sie es weg, oder lassen Sie es von jemandem senden, der das darf
CONTRIBUTORS_MALFORMED = contributors: „{ $text }“ nennt niemanden: schreiben Sie eine Rolle und eine Personalnummer oder einen Alias, ohne Semikolon
    .role = contributors: „{ $text }“ ist keine Rolle: verwenden Sie first_answer, closer oder after_sales
    .twice = contributors: { $text } kommt doppelt vor: nennen Sie jede Person in einer Rolle nur einmal
    .many = contributors: es sind mehr als die { $max }, die ein Vorgang haben darf
SPLIT_NOT_WHOLE = die Teile ergeben { $sum } und nicht 1000000 Millionstel: geben Sie jeder Rolle ihren Teil, sodass sie zusammen einen ganzen Vorgang ergeben
RECORD_CURRENCY_UNKNOWN = „{ $code }“ ist keine Währung nach ISO 4217: schreiben Sie eine, etwa JPY, oder lassen Sie es für die Währung des Konzerns leer
REVISION_OUT_OF_RANGE = die Revision { $revision } liegt über { $most }: senden Sie eine kleinere
REVISION_TWICE = revision und revised_at sind beide angegeben: senden Sie eines von beiden
REVISION_STALE = { $id } ist bereits als Revision { $there } vorhanden, die neuer ist als { $sent }: senden Sie eine höhere Revision, wenn dies gelten soll
    .unsaid = { $id } ist bereits als Revision { $there } vorhanden, und diese Zeile nennt keine: senden Sie eine höhere Revision, wenn dies gelten soll
RECORD_WITHDRAWN = { $id } wurde herausgenommen ({ $why }): lassen Sie ihn weg, oder senden Sie eine höhere Revision, um ihn zurückzuholen
    .already = { $id } ist bereits herausgenommen ({ $why }): es ist nichts mehr zu tun
RECORD_MOVED = { $id } wurde auf ein anderes Konto verschoben ({ $why }): senden Sie ihn für jenes Konto
    .already = { $id } wurde auf ein anderes Konto verschoben ({ $why }): ListRecordVersions sagt, auf welches; ist es das richtige, ist nichts mehr zu tun
RECORD_OUT_OF_REACH = { $id } liegt für seinen Tag außerhalb dessen, was Sie importieren dürfen: lassen Sie ihn von denen importieren, die das Team des Kontos an diesem Tag hatten, oder vom Konzern
RATING_OUT_OF_RANGE = die Kundenbewertung von { $rating } Tausendsteln liegt über zehn Punkten
MEASURE_MALFORMED = die Messgröße „{ $name }“ braucht einen eigenen Namen und entweder eine Dezimalzahl oder einen Text
ROWS_CONTRADICT = mehrere Zeilen dieses Aufrufs sind { $id } und besagen Verschiedenes: senden Sie die richtige
ID_WITH_UNSEEN = { $field } enthält das unsichtbare Zeichen { $character }: löschen Sie es
    .here = es enthält das unsichtbare Zeichen { $character }: löschen Sie es
DIFFERENT_CONTENT = { $id } ist bereits mit anderem Inhalt vorhanden ({ $columns }): senden Sie es mit einer höheren Revision, wenn dies gelten soll
COLUMN_DIFFERS = { $column }: dort { $there }, hier { $here }
    .hidden = { $column }
NO_VALUE_THERE = nichts
MOVED_TO_ITSELF = auf diesem Konto ist der Vorgang bereits: nennen Sie das Konto, zu dem er gehört
RECORD_REFERRED_TO = die Erstattung { $refund } verweist auf { $id }: nehmen Sie zuerst die Erstattung heraus
REFUND_MOVES_WITH_RECORD = { $id } ist eine Erstattung zu { $other }: verschieben Sie jenen Vorgang, seine Erstattungen gehen mit
RECORD_THERE_ALREADY = das andere Konto hat oder hatte einen anderen Vorgang { $id }: es wird nichts überschrieben, nehmen Sie den falschen heraus
RECORD_RATE_MISSING = der Vorgang { $record } von { $account } ist in { $currency }, und der Zurechnungslauf stammt aus der Zeit, bevor Kurse festgehalten wurden: schließen Sie den Zyklus ab, ohne den Lauf zu nennen, oder starten Sie einen neuen
    .on = der Vorgang { $record } von { $account } ist in { $from }, und für den { $day } ist kein Kurs von { $from } und { $to } bekannt: lassen Sie ihn ab diesem Tag oder früher hinterlegen (SetRates, mit Quelle); korrigieren Sie dann den Zyklus erneut, wenn er veröffentlicht war, andernfalls schließen Sie ihn erneut ab, ohne einen Lauf zu nennen oder mit einem danach gestarteten: ein früherer Lauf behält seine Kurse
    .look = { $account } hat ab dem { $day } Umsatz in { $from }, und dafür ist kein Kurs von { $from } und { $to } bekannt: lassen Sie ihn ab diesem Tag oder früher hinterlegen (SetRates, mit Quelle)
RECORD_ELSEWHERE = mit einem Vorgang eines Kontos, das nicht zu dieser Einheit gehört, lässt sich nicht rechnen ({ $why }): lassen Sie den Konzern einen Zyklus über dieselben Tage abschließen, der den Vorgang nennt, lassen Sie ihn korrigieren, und schließen Sie dann erneut ab, ohne einen Lauf zu nennen oder mit einem danach gestarteten: ein früherer Lauf behält die Vorgänge und Kurse, die er gelesen hat
RECORD_AMOUNT_TOO_LARGE = der Betrag des Vorgangs { $record } von { $account } ist größer als { $most } in kleinster Einheit von { $to }; so große Beträge werden nicht verrechnet: korrigieren Sie den Betrag oder den Kurs seines Tages, und schließen Sie dann erneut ab
SCHEDULE_UNIT_STAYS = die Einheit eines Zeitplans bleibt: legen Sie für eine andere Einheit einen eigenen Zeitplan an
SCHEDULE_AS_OF = ein Zeitplan bestimmt jeden Monat am letzten Tag des Monats, wer dazugehört: lassen Sie den Tag weg
SCHEDULE_DAY = { $day } ist kein Tag eines Monats: schreiben Sie 1 bis 31; fehlt er in einem Monat, ist der letzte Tag gemeint
SCHEDULE_DELAY = zwischen Vorschau und Abschluss wartet ein Lauf höchstens { $most } Minuten
    .dry = ein Zeitplan mit Vorschau gibt an, wie viele Minuten später er abschließt, 1 bis { $most }; einer ohne Vorschau gibt 0 an
SCHEDULE_RUN_CLOSES = der Lauf schließt gerade seinen Zyklus ab: brechen Sie stattdessen den Abschluss des Zyklus ab
SCHEDULE_RUN_ENDED = der Lauf ist beendet: es ist nichts anzuhalten
SCHEDULE_MONTH_THERE = der Monat wurde bereits begonnen: er kann erneut begonnen werden, wenn sein Lauf gescheitert ist oder angehalten wurde
SCHEDULE_MONTH_NOT_OVER = der Monat ist in der Zeitzone des Zeitplans noch nicht vorbei: beginnen Sie ihn danach
SCHEDULE_THERE = der Zeitplan { $schedule } besagt dasselbe, und jeder Monat würde zweimal abgeschlossen: ändern Sie jenen (UpdateSchedule), oder geben Sie diesem einen anderen Namen, wenn das so gemeint ist
SCHEDULE_MAKER_MAY_NOT = wer den Zeitplan zuletzt geschrieben hat, darf hier keine Zyklen mehr anlegen und abschließen: lassen Sie ihn von jemandem neu schreiben, der das darf (UpdateSchedule), und beginnen Sie diesen Monat von Hand (BeginScheduleRun)
SCHEDULE_BEGAN = { $month } hat begonnen, fällig war es am { $due }
SCHEDULE_LEFT_OUT =
    { $months ->
        [one] { $months } Monat davor wurde vor mehr als { $most } Monaten versäumt und wird nicht von selbst abgeschlossen: schließen Sie ihn bei Bedarf von Hand ab
       *[other] { $months } Monate davor wurden vor mehr als { $most } Monaten versäumt und werden nicht von selbst abgeschlossen: schließen Sie sie bei Bedarf von Hand ab
    }
SCHEDULE_LOOKED =
    Vorschau: { $people ->
        [one] { $people } Person gehört dazu
       *[other] { $people } Personen gehören dazu
    }, { $accounts ->
        [one] { $accounts } Konto
       *[other] { $accounts } Konten
    } mit { $records ->
        [one] { $records } Vorgang
       *[other] { $records } Vorgängen
    } rund um den Monat, { $findings ->
        [0] nichts Auffälliges
        [one] { $findings } Auffälligkeit ({ $kinds })
       *[other] { $findings } Auffälligkeiten ({ $kinds })
    }
    .everybody =
        Vorschau: alle im Konzern gehören dazu, { $accounts ->
            [one] { $accounts } Konto
           *[other] { $accounts } Konten
        } mit { $records ->
            [one] { $records } Vorgang
           *[other] { $records } Vorgängen
        } rund um den Monat, { $findings ->
            [0] nichts Auffälliges
            [one] { $findings } Auffälligkeit ({ $kinds })
           *[other] { $findings } Auffälligkeiten ({ $kinds })
        }
SCHEDULE_WAITS = vor dem { $until } wird nichts abgeschlossen: halten Sie den Lauf an, wenn vorher etwas zu korrigieren ist
SCHEDULE_WOULD_FAIL = nach jetzigem Stand wird der Abschluss abgelehnt: { $why }; was bis dahin eingeht, zählt mit
SCHEDULE_MAY_FAIL = nach jetzigem Stand wird der Abschluss abgelehnt, wenn jemandem aus der Einheit davon etwas zugerechnet wird: { $why }; was bis dahin eingeht, zählt mit
SCHEDULE_AWAITS_RUN = wartet auf einen Zurechnungslauf von { $from } bis { $to } über diese Einheit oder eine darüber, der nach Ablauf dieser Tage begonnen wurde: starten Sie dort einen (StartAttributionRun), oder schließen Sie dort einen Zyklus ab
    .early = wartet auf einen Zurechnungslauf von { $from } bis { $to } über diese Einheit oder eine darüber: der neueste, { $run }, begann vor Ablauf dieser Tage: starten Sie dort einen neuen (StartAttributionRun)
    .differs = wartet auf einen Zurechnungslauf von { $from } bis { $to } über diese Einheit oder eine darüber: der neueste, { $run }, hat eine andere Richtlinie als dieser Zeitplan: starten Sie einen nach der Richtlinie des Zeitplans (StartAttributionRun), oder ändern Sie den Zeitplan (UpdateSchedule)
    .part = wartet auf einen Zurechnungslauf von { $from } bis { $to } über diese Einheit oder eine darüber: der neueste, { $run }, betrifft nur einen Teil dessen, was abgeschlossen wird: starten Sie einen über alles (StartAttributionRun)
SCHEDULE_SCORES_FROM = bewertet aus dem Zurechnungslauf { $run }
SCHEDULE_CLOSES = hat den Zyklus { $cycle } angelegt und schließt ihn ab
    .again = schließt den Zyklus { $cycle }, der gescheitert war, erneut ab
SCHEDULE_DONE =
    abgeschlossen: { $people ->
        [one] { $people } Person hat eine Scorecard
       *[other] { $people } Personen haben eine Scorecard
    }, von { $records ->
        [one] { $records } Vorgang
       *[other] { $records } Vorgängen
    } { $nobody ->
        [one] ist { $nobody } niemandem zugerechnet
       *[other] sind { $nobody } niemandem zugerechnet
    }, { $findings ->
        [one] { $findings } Auffälligkeit
       *[other] { $findings } Auffälligkeiten
    }; sehen Sie es sich an, und veröffentlichen Sie es, wenn es stimmt
SCHEDULE_FAILED = gescheitert: { $why }
SCHEDULE_AGAIN = von Hand erneut begonnen
SCHEDULE_STOPPED = von Hand angehalten
SCHEDULE_DELETED = angehalten, da der Zeitplan gelöscht wurde
SCHEDULE_CYCLE_CANCELLED = der Abschluss des Zyklus wurde abgebrochen
OBSERVATION_WITHOUT_MEASURE = measure ist leer: geben Sie den Namen der Messgröße an, wie Bewertungsmodelle sie nennen
OBSERVATION_WITHOUT_SUBJECT = es fehlt, worauf sie sich bezieht: geben Sie eine Person, eine Einheit, ein Konto, einen Shop oder eine Kampagne an
    .id =
        die ID { $kind ->
            [person] der Person
            [unit] der Einheit
           *[account] des Kontos
        } ist keine ID: geben Sie sie so an, wie die Listen sie nennen
OBSERVATION_SUBJECT_UNKNOWN =
    { $kind ->
        [person] es ist keine Person { $key } bekannt: korrigieren Sie sie, oder importieren Sie sie zuerst
        [unit] an diesen Tagen oder jetzt gibt es keine Einheit { $key }, und niemand hat je darin gearbeitet: korrigieren Sie die Einheit, korrigieren Sie die Tage, wenn sie davor geschlossen wurde, oder importieren Sie sie zuerst
        [account] es ist kein Konto { $key } bekannt: korrigieren Sie es, oder importieren Sie es zuerst
       *[store] es ist kein Konto eines Shops { $key } bekannt: korrigieren Sie es, oder importieren Sie es zuerst
    }
OBSERVATION_UNIT_CLOSED = die Einheit { $unit } wurde geschlossen, und ihr letzter Tag war der { $last }: lassen Sie die Tage dort enden, oder korrigieren Sie die Einheit
    .into = die Einheit { $unit } wurde geschlossen, ihr letzter Tag war der { $last }, und ihre Personen gingen zu { $into }: lassen Sie die Tage dort enden, und senden Sie, was danach beobachtet wurde, für jene Einheit
    .later = die Einheit { $unit } beginnt am { $from }: korrigieren Sie die Tage oder die Einheit
OBSERVATION_RESERVED = „{ $measure }“ beobachtet die Suite selbst: lassen Sie es weg, oder geben Sie der Messgröße einen anderen Namen
OBSERVATION_UNIT_NOT_HERE =
    unit_id sagt, wer eine Kampagne führt, und hier geht es um { $kind ->
        [person] eine Person
        [unit] eine Einheit
        [account] ein Konto
       *[store] einen Shop
    }: lassen Sie es weg
OBSERVATION_WITHOUT_TIME = es braucht entweder einen Zeitpunkt (at) oder einen ersten Tag und, bei mehreren, einen letzten (from, to): geben Sie eines von beiden an
    .date = { $field } ist kein Datum: schreiben Sie es wie 2026-03-31
OBSERVATION_BACKWARDS = endet am { $to }, bevor es am { $from } beginnt: korrigieren Sie eines von beiden
OBSERVATION_TOO_LONG = betrifft { $from } bis { $to }, und keine Beobachtung betrifft mehr als { $most } Tage: korrigieren Sie die Tage
OBSERVATION_TIME_IMPLAUSIBLE = { $field } liegt nicht in den Jahren { $first } bis { $last }: prüfen Sie das Jahr
OBSERVATION_WITHOUT_NUMBER = „{ $text }“ ist keine Dezimalzahl mit höchstens sechs Nachkommastellen: korrigieren Sie sie
OBSERVATION_OUT_OF_RANGE = der Betrag des Werts liegt über { $most }: prüfen Sie die Einheit
OBSERVATION_DIFFERENT = { $name } ist bereits mit { $other } aus { $source } vorhanden, und hier lautet der Wert { $value } aus { $of }: senden Sie ihn mit einer höheren Revision, wenn dies gelten soll
OBSERVATION_WITHDRAWN = { $name } wurde herausgenommen ({ $why }): lassen Sie es weg, oder senden Sie eine höhere Revision, um es zurückzuholen
SCHEME_WITHOUT_INDICATORS = mindestens eine Kennzahl ist nötig
NAME_TWICE = „{ $name }“ kommt doppelt vor
WEIGHTS_NOT_HUNDRED = die Gewichte ergeben { $sum }, nicht 100: ändern Sie sie so, dass sie genau 100 ergeben
WEIGHT_NOT_POSITIVE = { $weight } ist nicht größer als null: lassen Sie die Kennzahl weg
MEASURE_TOO_LARGE = die Messgröße „{ $column }“ des Vorgangs { $record } von { $account } beträgt { $value } und ist zu groß zum Rechnen: höchstens 9000000000000 in beide Richtungen; korrigieren Sie den Vorgang, oder nehmen Sie die Kennzahl aus dem Bewertungsmodell
    .row = { $text } ist zu groß zum Rechnen: höchstens { $most } in beide Richtungen
MEASURE_TOO_LARGE_CURE = korrigieren Sie die Zahl, oder nehmen Sie die Kennzahl, die diese Spalte misst, aus scheme.yaml
MEASURE_UNKNOWN = „{ $measure }“ ist weder eine eingebaute Messgröße (credited_records, first_reply_within_30s, resolved, rating_at_least_4, amount) noch eine Zahlenspalte der Vorgänge
BOUNDS_OF_NOTHING = das Bewertungsmodell hat keine Kennzahl „{ $kpi }“: schreiben Sie den Schlüssel einer eigenen
BOUNDS_BACKWARDS = der kleinste Wert, { $min }, liegt über dem größten, { $max }: vertauschen Sie sie
BOUNDS_WITHOUT_OWN = das Bewertungsmodell selbst hat { $own }, das liegt nicht zwischen { $min } und { $max }: erweitern Sie die Grenzen, sodass es darin liegt
BOUNDS_EXTRA = { $most } liegt nicht über 0 und unter 100
REFINED_BEYOND = { $value } liegt außerhalb dessen, was der Standard „{ $standard }“ zulässt: { $min } bis { $max }
    .target = der Standard „{ $standard }“ lässt eine Zahl von { $min } bis { $max } zu
REFINED_FIXED = der Standard „{ $standard }“ legt das fest: schreiben Sie, was er hat
    .value = der Standard „{ $standard }“ legt { $fixed } fest, nicht { $value }
REFINED_DEFINITION = der Standard „{ $standard }“ legt fest, was „{ $measure }“ ist: übernehmen Sie seine Definition unverändert
    .column = der Standard „{ $standard }“ nimmt „{ $measure }“ aus der Spalte dieses Namens: geben Sie der Definition einen anderen Namen
    .extra = der Standard „{ $standard }“ lässt „{ $measure }“ so zu, wie der Katalog es definiert: lassen Sie die Definition weg, dann wird sie von dort übernommen
REFINED_MEASURE = „{ $kpi }“ des Standards „{ $standard }“ misst { $measure }: messen Sie das, oder geben Sie dieser Kennzahl einen eigenen Schlüssel
WEIGHT_BOUND_TWICE = geben Sie entweder weight mit from und to an oder weight_within, also um wie viel mehr oder weniger: nicht beides
WEIGHT_BOUND_BELOW_0 = um wie viel mehr oder weniger wird als Zahl ab 0 angegeben
WEIGHT_BOUND_TOO_LARGE = das ist mehr, als sich rechnen lässt: geben Sie höchstens 100 an
REFINED_LEFT_OUT = „{ $kpi }“ fehlt, und der Standard „{ $standard }“ lässt nicht zu, es wegzulassen
REFINED_EXTRA = „{ $kpi }“ ist keine Kennzahl des Standards „{ $standard }“, der neben seinen eigenen keine zulässt
REFINED_EXTRA_MEASURE = „{ $measure }“ gehört nicht zu dem, was Kennzahlen neben denen des Standards „{ $standard }“ messen dürfen: { $measures }
REFINED_EXTRA_SHARE = die Kennzahlen neben denen des Standards „{ $standard }“ wiegen { $sum }, und er lässt zusammen höchstens { $most } zu
SCHEME_PARENT_NOT_ABOVE = ein Bewertungsmodell verfeinert eines des Konzerns oder einer Einheit über seiner eigenen: nennen Sie ein solches oder keines
SCHEME_WITHDRAWN = das Bewertungsmodell „{ $name }“ ist ab dem { $from } außer Kraft: nehmen Sie ein anderes, oder schreiben Sie eines unter einem anderen Namen
    .version = Version { $version } von „{ $name }“ ist ab dem { $from } außer Kraft: nehmen Sie eine andere Version
    .version_none = Version { $version } von „{ $name }“ ist ab dem { $from } außer Kraft, und keine andere Version ist dann gültig: nehmen Sie ein anderes Bewertungsmodell, oder lassen Sie eine neue Version schreiben
    .version_for = Version { $version } von „{ $name }“ ist ab dem { $from } außer Kraft: nehmen Sie Version { $instead }
    .parent = die Version von „{ $name }“, die das Bewertungsmodell verfeinert, ist seit dem { $from } außer Kraft: verfeinern Sie eine andere Version oder ein anderes Bewertungsmodell
    .parent_none = die Version von „{ $name }“, die das Bewertungsmodell verfeinert, ist seit dem { $from } außer Kraft, ebenso jede andere: verfeinern Sie ein anderes Bewertungsmodell oder keines
    .parent_for = die Version von „{ $name }“, die das Bewertungsmodell verfeinert, ist seit dem { $from } außer Kraft: verfeinern Sie Version { $version }
SCHEME_WITHDRAWN_ALREADY = das ist ab dem { $from } bereits außer Kraft
SCHEME_NOT_INSTEAD = Version { $version } kann sie nicht ersetzen: nennen Sie eine andere gültige Version des Bewertungsmodells, und nur, wenn eine einzelne Version außer Kraft gesetzt wird
SCHEME_IMPORTED = das Bewertungsmodell stammt aus { $region } und wird dort geschrieben: ändern Sie es dort, und importieren Sie die Datei erneut
SCHEME_OF_A_UNIT = das Bewertungsmodell gehört zu einer Einheit und bleibt in deren Region: exportieren Sie ein Bewertungsmodell des Konzerns
STANDARD_DIFFERS = Version { $version } von „{ $name }“ ist hier mit anderem Inhalt vorhanden: Versionen ändern sich nie, fragen Sie daher die Installation, die es schreibt, was richtig ist
    .withdrawal = „{ $name }“ ist hier ab einem anderen Tag außer Kraft: fragen Sie die Installation, die es schreibt, was richtig ist
STANDARD_NOT_FROM = das Bewertungsmodell wird nicht von der Installation der Region { $region } geschrieben: importieren Sie die Datei der Installation, die es schreibt
SCHEME_NAME_TAKEN = der Konzern hat hier ein anderes Bewertungsmodell namens „{ $name }“: geben Sie dem Standard dort, wo er geschrieben wird, einen anderen Namen
SCHEME_NAME_UNKNOWN = der Konzern hat hier kein Bewertungsmodell namens „{ $name }“: ListSchemes nennt die Namen
STANDARD_IMPORTED = „{ $name }“ aus { $region }: Version { $version } ist die neueste, { $written } neu, { $unchanged } unverändert
STANDARD_MANDATORY = ein Bewertungsmodell muss hier einen der verbindlichen Standards verfeinern: nennen Sie einen davon als übergeordneten: { $standards }
TARGET_MISSING = eine Zahl oder team_median ist nötig
TARGET_NOT_POSITIVE = { $target } ist nicht größer als null
FLOOR_NOT_BELOW_CAP = die Untergrenze { $floor } liegt nicht unter der Obergrenze { $cap }
SMALL_SAMPLE_NOT_HERE = nur Quoten und Mittelwerte lassen sich zum Durchschnitt ziehen
QUOTAS_NOT_WHOLE = die Quoten müssen genau 1000000 Millionstel ergeben
BANDS_OUT_OF_ORDER = schreiben Sie die Bänder vom besten an, ein schlechteres mit höchstens so vielen Punkten
BANDS_NOT_HERE = Bänder gehören nur zu forced_distribution
GRADES_OUT_OF_ORDER = schreiben Sie die Noten von der besten an, jede mit einem niedrigeren min_score
GRADES_MIXED = geben Sie jeder Note einen min_score oder jeder Note eine Quote
MEASURE_OF_EXPECTED = geben Sie an, woraus die Messgröße gewonnen wird: record, observation, ratio, sum, repeat, trend oder team
AGGREGATION_EXPECTED = geben Sie an, wie aus den Werten einer wird, mit einer Aggregation, die diese Version kennt
OBSERVED_OF_EXPECTED = geben Sie an, woran beobachtet wird: an einer Person, einer Einheit, einem Konto, einem Shop oder einer Kampagne
MEASURES_DEFINED_TOO_MANY = ein Bewertungsmodell definiert höchstens { $most } Messgrößen: lassen Sie die weg, die keine Kennzahl verwendet
MEASURE_BUILT_IN = „{ $name }“ ist eine eingebaute Messgröße: geben Sie der Definition einen anderen Namen
MEASURE_VALID_BACKWARDS = der erste Tag, { $from }, liegt nach dem letzten, { $to }: vertauschen Sie sie
MEASURE_VALUE_MISSING = ein Wert der Vorgänge ist nötig: first_reply_seconds, duration_seconds, resolved, rating, amount oder eine Zahlenspalte
MEASURE_OF_RESOLVED = resolved ist ja oder nein: nehmen Sie den Anteil, oder zählen Sie die Vorgänge
MEASURE_COLUMN_UNKNOWN = „{ $column }“ ist keine Zahlenspalte der Vorgänge
MEASURE_TEST_MISSING = ein Schwellenwert ist nötig: at_most, at_least, below, above oder equal
MEASURE_TEST_NOT_HERE = ein Schwellenwert gehört zu einem Anteil oder zu einer Zählung von Vorgängen oder Kunden nach einem Wert: lassen Sie ihn weg
MEASURE_HOURS_EMPTY = die Uhrzeiten beginnen und enden zur selben Zeit: lassen Sie sie weg, um den ganzen Tag zu zählen
MEASURE_HOURS_NOT_HERE = nur Sekunden lassen sich innerhalb von Uhrzeiten zählen, und zwar die von first_reply_seconds oder duration_seconds: zählen Sie Vorgänge, die darin beginnen
MEASURE_SESSION_TOO_LONG = eine Sitzung hat Pausen von höchstens { $most } Minuten
MEASURE_SESSION_NOT_HERE = eine Summe nimmt jeden Vorgang, und Kunden werden ohnehin einmal gezählt: lassen Sie die Sitzung weg
MEASURE_ADDS_NOT_UP = „{ $measure }“ ist weder Anzahl noch Summe und kann daher weder geteilt werden noch Teiler sein: nennen Sie eine Messgröße, die sich summieren lässt
MEASURE_SUM_EMPTY = mindestens eine zu summierende Messgröße ist nötig
MEASURE_FACTOR_ZERO = mit dem Faktor 0 fällt eine Messgröße heraus: lassen Sie sie weg
MEASURE_COUNT_EXPECTED = „{ $measure }“ ist keine im Bewertungsmodell definierte Anzahl von Vorgängen: eine Wiederholung wird unter Vorgängen gesucht
MEASURE_DAYS_BEYOND = eine Wiederholung wird innerhalb von 1 bis { $most } Tagen gesucht
MEASURE_PART_UNKNOWN = „{ $measure }“ ist weder im Bewertungsmodell definiert noch eingebaut: definieren Sie es ebenfalls, oder korrigieren Sie den Namen
MEASURE_OF_ITSELF = „{ $measure }“ wird aus sich selbst berechnet: nehmen Sie es aus dem heraus, woraus es berechnet wird
MEASURE_NAME_RESERVED = Namen, die mit „{ $prefix }“ beginnen, gehören den Messgrößen, die alle haben: wählen Sie einen anderen Namen
MEASURE_NAME_TAKEN = es gibt bereits eine Messgröße namens „{ $name }“: ändern Sie jene, oder wählen Sie einen anderen Namen
MEASURE_NAME_FIXED = die Messgröße heißt „{ $name }“, und dabei bleibt es: definieren Sie unter dem neuen Namen eine andere, und nehmen Sie diese außer Gebrauch
MEASURE_RETIRED = im Katalog außer Gebrauch: { $measures }. Nennen Sie eine andere Messgröße, definieren Sie eine dieses Namens im Bewertungsmodell selbst, oder nehmen Sie sie wieder in Gebrauch (UpdateMeasure)
MEASURE_RETIRED_ALREADY = „{ $name }“ ist bereits außer Gebrauch
MEASURE_NEEDED = andere Messgrößen des Katalogs werden aus „{ $name }“ berechnet und würden nicht mehr stimmen: ändern Sie zuerst diese, oder nehmen Sie sie außer Gebrauch: { $by }
SUPPLIED_MEASURE =
    { $key ->
        [first_reply_seconds] Sekunden bis zur ersten Antwort
        [presale_first_reply_within_30s] Erste Antwort innerhalb von 30 s vor dem Kauf
        [aftersale_resolved] Gelöst nach dem Kauf
        [handling_seconds] Sekunden eines Dialogs
        [rating] Kundenbewertung
        [solved] Gelöste Vorgänge
        [customers] Kunden
        [buyers] Kunden mit Kauf
        [orders] Bestellungen
        [presale_records] Vorgänge vor dem Kauf
        [conversion] Konversion
        [order_value] Bestellwert
        [repeat_purchase_30d] Wiederkauf innerhalb von 30 Tagen
        [second_conversion_7d] Konversion innerhalb von 7 Tagen nach dem ersten Kontakt
        [complaints] Beschwerden
        [complaint_rate] Beschwerdequote
       *[other] { $key }
    }
SCHEME_TEMPLATE_UNKNOWN = es gibt keine Vorlage für ein Bewertungsmodell namens „{ $name }“: wählen Sie eine von { $names }
TEMPLATE_TITLE =
    { $name ->
        [agent] Servicekräfte
        [operations] Shopbetrieb
       *[service-manager] Serviceleitung
    }
TEMPLATE_ABOUT =
    { $name ->
        [agent] Für alle, die Kunden betreuen: geleistete Arbeit, erste Antwort, gelöst, Kundenbewertung, Konversion, Qualitätsprüfungen und Pünktlichkeit
        [operations] Für alle, die Shops führen: Besucher, Konversion, Kampagnenumsatz, Kosten je Bestellung und Wachstum, alles beobachtet; Servicevorgänge sind nicht nötig
       *[service-manager] Für alle, die Servicekräfte führen, in vier Dimensionen: Servicequalität, Team, Geschäft und Innovation
    }
NOBODY_TO_SCORE = es gibt niemanden zu bewerten: der Zeitraum enthält keinen zugerechneten Vorgang
PERSON_TWICE = die Person { $person } kommt doppelt vor
SCHEME_WITHOUT_DATA = für niemanden konnte eine Kennzahl bewertet werden, da keine Daten vorliegen oder der Median, der das Ziel wäre, nicht größer als null ist (jede Scorecard sagt, was zutrifft)
SCHEME_WITHOUT_DATA_CURE = wählen Sie Kennzahlen und Ziele, die zu den Vorgängen passen
MEASURE_NOT_SENT =
    zu „{ $measure }“ hat niemand Daten, daher zählt ihre Kennzahl für niemanden: { $what ->
        [records] es gibt keinen Vorgang der Arten und Uhrzeiten, die sie betrachtet
        [known] senden Sie { $column } mit den Servicevorgängen
       *[column] senden Sie die Spalte { $column } mit den Servicevorgängen
    }
    .observation = zu „{ $measure }“ hat niemand Daten, daher zählt ihre Kennzahl für niemanden: senden Sie Beobachtungen dazu für den Zeitraum
    .past = niemand hat einen früheren Wert von „{ $of }“, daher zählt die Kennzahl zu „{ $measure }“ für niemanden: sie zählt, sobald ein früherer Zyklus dieses Bewertungsmodells über einen gleich langen Zeitraum veröffentlicht ist
    .team = zu „{ $measure }“ hat niemand Daten, daher zählt ihre Kennzahl für niemanden: in keinem geführten Team hat jemand Daten zu { $of }
OBSERVATIONS_BEYOND_PERIOD =
    { $count ->
        [one] eine Beobachtung von „{ $measure }“ reicht
       *[other] { $count } Beobachtungen von „{ $measure }“ reichen
    } über den Zeitraum von { $from } bis { $to } hinaus und { $count ->
        [one] zählt
       *[other] zählen
    } nicht: eine Beobachtung zählt in einem Zeitraum, der alle ihre Tage enthält
OBSERVATIONS_UNREAD =
    { $count ->
        [one] eine Beobachtung von „{ $measure }“ im Zeitraum zählt
       *[other] { $count } Beobachtungen von „{ $measure }“ im Zeitraum zählen
    } nicht: keine Kennzahl dieses Bewertungsmodells liest die Messgröße, und keine eines anderen gültigen Bewertungsmodells
    .near =
        { $count ->
            [one] eine Beobachtung von „{ $measure }“ im Zeitraum zählt
           *[other] { $count } Beobachtungen von „{ $measure }“ im Zeitraum zählen
        } nicht: keine Kennzahl dieses Bewertungsmodells liest die Messgröße, und keine eines anderen gültigen Bewertungsmodells (ist { $near } gemeint?)
INDICATOR_TOO_LARGE = die Kennzahl { $indicator } zählt für niemanden, da die Zahl von { $people } zu groß zum Rechnen ist
    .apart = die Kennzahl { $indicator } zählt für niemanden, da ihre Zahlen zu weit auseinanderliegen, um mit ihnen zu rechnen
INDICATOR_TOO_LARGE_CURE = prüfen Sie Währung und Einheit der Beträge und Messgrößen, oder nehmen Sie die Kennzahl aus scheme.yaml
NUMBER_TOO_LARGE = die Punktzahl der Person { $person } ist zu groß zum Rechnen: prüfen Sie die Unter- und Obergrenzen des Bewertungsmodells
    .grades = die Quoten der Noten sind zu groß zum Rechnen: verkleinern Sie sie
    .unit = die Zahlen der Einheit { $unit } sind zu groß zum Rechnen: sehen Sie sich die Scorecards ihrer Personen an
    .pool = das Geld oder die Anteile des Bonuspools sind zu groß zum Rechnen: prüfen Sie Betrag und Regel
    .part = die Gewichte von Teil { $place } des Bonuspools sind zu groß zum Rechnen: prüfen Sie Punktzahlen und Regel
    .person = die Punktzahl der Person { $person } ist in Teil { $place } des Bonuspools zu groß zum Rechnen: prüfen Sie Punktzahl und Regel
CARD_MEASURE =
    { $measure ->
        [credited_records] Zugerechnete Vorgänge
        [first_reply_within_30s] Erste Antwort innerhalb von 30 s
        [resolved] Gelöst
        [rating_at_least_4] Kundenbewertung mindestens 4 von 5
        [amount] Umsatz
       *[other] { $kpi }
    }
CARD_DEFINED = { $name } ({ $what })
CARD_VALUE =
    { $kind ->
        [records]
            { $value ->
                [one] { $value } Vorgang
               *[other] { $value } Vorgänge
            }
        [customers]
            { $value ->
                [one] { $value } Kunde
               *[other] { $value } Kunden
            }
        [percent] { $value } %
        [own] { $value } { $unit }
        [standard]
            { $value } { $unit ->
                [points]
                    { $value ->
                        [one] Punkt
                       *[other] Punkte
                    }
               *[currency] { $unit }
            }
       *[bare] { $value }
    }
CARD_LINE_DROPPED =
    { $name }: { $why ->
        [nobody] niemand hat im Zeitraum Daten, daher entfällt die Kennzahl für alle
        [person] zu dieser Person liegen keine Daten vor, daher entfällt die Kennzahl hier
        [too_large] die Zahl ist zu groß zum Rechnen, daher entfällt die Kennzahl für alle
        [past] für diese Person gibt es keinen früheren Vergleichswert außer 0, daher entfällt die Kennzahl hier
        [too_large_elsewhere] die Zahl einer anderen Person ist zu groß zum Rechnen, oder die Zahlen der Gruppe liegen zu weit auseinander, daher entfällt die Kennzahl für alle
       *[target] der Median, der das Ziel wäre, ist nicht größer als null, daher entfällt die Kennzahl
    }; ihr Gewicht von { $weight } wird anteilig auf die anderen Kennzahlen verteilt.
CARD_AGAINST = { $value } gegenüber { $past }
CARD_PAST = { $measure }: { $values }
CARD_PAST_VALUE = { $value } von { $from } bis { $to }
CARD_LINE_NOT_SCORED = { $name }: nicht bewertet.
CARD_LINE =
    { $name }: { $measured }{ $filled }; { $points }{ $limit ->
        [cap] { " " }(die Obergrenze)
        [floor] { " " }(die Untergrenze)
       *[none] { "" }
    }; mal Gewicht { $weight } %{ $spread ->
        [yes] { " " }({ $scheme_weight } im Bewertungsmodell, dazu ein Teil dessen, was entfallene Kennzahlen übrig ließen)
       *[no] { "" }
    } ergibt { $weighted }.
CARD_MEASURED =
    { $value } bei { $records ->
        [one] { $records } Vorgang
       *[other] { $records } Vorgängen
    }
CARD_NOT_MEASURED = nicht gemessen
CARD_SMALL_SAMPLE = ; unter { $below } Vorgängen zählen die fehlenden als Durchschnitt ({ $group }), das ergibt { $adjusted }
CARD_POINTS_BY_TARGET =
    gemessen am Ziel von { $target } ({ $basis ->
        [scheme] vom Bewertungsmodell vorgegeben
        [team] Median der { $people } Personen des Teams
       *[group] Median aller { $people } Personen, da das Team zu klein ist
    }) { $points ->
        [one] ist das { $points } Punkt
       *[other] sind das { $points } Punkte
    }
CARD_POINTS_BY_PLACE =
    { $by ->
        [target] nach dem Ziel
        [min_max] nach dem Platz zwischen dem schlechtesten und dem besten Wert der Gruppe
        [percentile] nach dem Prozentsatz der Gruppe ohne besseren Wert
        [t_score] nach dem Abstand vom Mittelwert der Gruppe in Standardabweichungen
       *[band] nach dem Band des Platzes in der Gruppe
    } { $points ->
        [one] ist das { $points } Punkt
       *[other] sind das { $points } Punkte
    }
CARD_CHANGE =
    { $kind ->
        [rate_more] { $step } Prozentpunkt mehr
        [rate_less] { $step } Prozentpunkt weniger
        [records_more] { $step } zugerechneter Vorgang mehr
        [records_fewer] { $step } zugerechneter Vorgang weniger
        [more] { $amount } mehr
       *[less] { $amount } weniger
    }
CARD_NEXT =
    { $effect ->
        [capped] { $change } brächte nichts: die Obergrenze ist erreicht.
        [nothing] { $change } allein brächte nichts.
       *[points]
            { $change } brächte { $gain ->
                [one] { $gain } Punkt
               *[other] { $gain } Punkte
            }.
    }
CARD_SUMMARY = Punktzahl { $score }, Rang { $rank } von { $of }{ $grade }{ $collaboration }.
CARD_GRADE = , Note { $grade }
CARD_COLLABORATION = ; davon { $points } für Zusammenarbeit: { $outside } von { $credited } Vorgängen lagen außerhalb des eigenen Dienstplans oder Teams
DEFINED =
    { $what }{ $few ->
        [yes] , aus mindestens { $min_count }
       *[no] { "" }
    }{ $valid ->
        [between] , von { $from } bis { $to }
        [from] , ab { $from }
        [to] , bis { $to }
       *[ever] { "" }
    }
DEFINED_RECORDS =
    { $aggregation ->
        [mean] der Mittelwert von { $value }
        [sum] die Summe von { $value }
        [share] der Prozentsatz der Vorgänge mit { $value } { $test }
        [count] die Anzahl der Vorgänge
        [count_of] die Anzahl der Vorgänge mit { $value } { $test }
        [distinct] die Anzahl der Kunden
       *[distinct_of] die Anzahl der Kunden von Vorgängen mit { $value } { $test }
    }{ $kinds }{ $hours }{ $session }
DEFINED_VALUE =
    { $value ->
        [first_reply_seconds] Sekunden bis zur ersten Antwort
        [duration_seconds] Sekunden vom Beginn bis zum Ende
        [resolved] gelöstem Problem
        [rating] Kundenbewertung
        [amount] Umsatz
       *[column] { $value }
    }
DEFINED_GIVEN = in beliebiger Höhe
DEFINED_TEST =
    { $is ->
        [at_most] von höchstens { $threshold }
        [at_least] von mindestens { $threshold }
        [below] von weniger als { $threshold }
        [above] von mehr als { $threshold }
       *[equal] von genau { $threshold }
    }
DEFINED_KINDS = , Art: { $kinds }
DEFINED_HOURS =
    , { $counts ->
        [begun] begonnen
       *[inside] gezählt wird die Zeit
    } von { $from } bis { $to }
DEFINED_SESSION =
    , der erste jeder Sitzung mit Pausen von höchstens { $minutes ->
        [one] { $minutes } Minute
       *[other] { $minutes } Minuten
    }
DEFINED_OBSERVATION =
    { $aggregation ->
        [sum] die Summe
        [mean] der Mittelwert
       *[last] der letzte Wert
    } dessen, was { $subject ->
        [person] an der Person
        [unit] an der Organisationseinheit
        [account] am Konto
        [store] am Shop
       *[campaign] an der Kampagne
    } beobachtet wurde
DEFINED_RATIO =
    { $of } / { $per }{ $percent ->
        [yes] { " " }in Prozent
       *[no] { "" }
    }
DEFINED_SUM = die Summe von { $parts }
DEFINED_PART = { $factor } × { $of }
DEFINED_REPEAT =
    der Prozentsatz von { $of }, deren Kunde innerhalb von { $days ->
        [one] { $days } Tag
       *[other] { $days } Tagen
    } davor { $after } hatte
DEFINED_TREND = um wie viel Prozent { $of } von der eigenen Vergangenheit der Person abweicht
DEFINED_TEAM =
    { $aggregation ->
        [mean] der Mittelwert von { $of } über das Team nach dem Stand jedes Tages
        [share] der Prozentsatz des Teams, nach dem Stand jedes Tages, mit { $of } { $test }
       *[sum] die Summe von { $of } über das Team nach dem Stand jedes Tages
    }
CARD_CHANGED = Vorher: { $before } Jetzt: { $after }
CARD_CAME = Es gibt jetzt eine Scorecard: { $after }
CARD_WENT = Es gibt keine Scorecard mehr. Vorher: { $before }
CARD_CREDITED_CHANGED = Zugerechnete Vorgänge: vorher { $before }; jetzt { $after }.
CARD_LINE_CHANGED = { $name }: vorher { $before }; jetzt { $after }.
CARD_LINE_CAME = { $name }: zählt jetzt: { $after }.
CARD_LINE_WENT = { $name }: zählt nicht mehr: vorher { $before }.
CARD_STANDING =
    { $measured }, { $points ->
        [one] { $points } Punkt
       *[other] { $points } Punkte
    }, mit Gewicht { $weight } % { $weighted }
    .dropped = { $measured }, nicht bewertet
CARD_WORKED_OUT_ANEW = Die Punktzahl ist gleich; sie wurde aus anderen Zahlen neu berechnet.
LADDER_REFUND = { $refund } ist eine Erstattung zu { $sale }: sie wird wie jener Vorgang zugerechnet und mindert seinen Betrag
LADDER_BEGAN =
    Begann am { $at } auf { $account }, { $phase ->
        [shared] an diesem Tag ein gemeinsam genutztes Konto
        [mixed] an diesem Tag auf dem Weg vom gemeinsamen zum persönlichen Konto
       *[named] an diesem Tag ein persönliches Konto
    }.
LADDER_TAG_NONE = Kennzeichnung: die Plattform hat niemanden genannt.
LADDER_TAG_UNKNOWN = Kennzeichnung: die Plattform hat „{ $agent }“ genannt; so heißt an diesem Tag keine beschäftigte Person oder mehr als eine.
LADDER_TAG = Kennzeichnung: die Plattform hat „{ $agent }“ genannt, das ist { $person }: der Vorgang gehört dieser Person.
LADDER_NAMED_WITHOUT = Auf einem persönlichen Konto zählen nur Kennzeichnungen und Übergaben, und es gab keines von beiden: niemandem zugerechnet.
LADDER_DUTY_NONE = Dienst: niemand hatte das Konto, und niemand war zu dieser Zeit im Dienst.
LADDER_DUTY = Dienst: { $list }.
LADDER_DUTY_ANSWERED = Dienst bei der Antwort: { $list }.
    .unheld = Dienst: zu Beginn hatte niemand das Konto, und niemand war im Dienst; bei der Antwort: { $list }.
LADDER_ON_DUTY =
    { $person } { $rule ->
        [handover] hatte das Konto laut Übergabe
        [roster] war laut Dienstplan darauf eingeplant
        [punch] war als Mitglied des Teams eingestempelt
       *[team] gehört zum Team
    }, { $from } bis { $to } [{ $evidence }]
LADDER_SHARES = { $before }, { $share }
LADDER_BY_SESSION = Ein anderer Vorgang derselben Kundensitzung nennt seine Servicekraft, daher folgt ihm dieser: { $shares }.
LADDER_BY_TAG = Nach Kennzeichnung zugerechnet: { $shares }.
LADDER_BY_HANDOVER = Laut Übergabe hatte eine Person das Konto: { $shares }.
LADDER_SOLE = Eine Person war im Dienst: { $shares }.
LADDER_INFERRED = Mehrere waren im Dienst; wer mit anderen Vorgängen beschäftigt war und wie jede Person arbeitet, unterscheidet sie: { $shares }.
LADDER_EQUAL = Mehrere waren im Dienst, und es gibt zu wenig, um sie zu unterscheiden, daher zu gleichen Teilen: { $shares }.
LADDER_TEAM = Für das Konto gibt es keinerlei Belege zum Dienst, daher teilt das Team: { $shares }.
LADDER_NOBODY = Daher wird er niemandem zugerechnet.
LADDER_CONTRIBUTORS = Mitwirkende: { $list }.
LADDER_CONTRIBUTOR =
    { $role ->
        [first_answer] zuerst geantwortet
        [closer] den Verkauf abgeschlossen
       *[after_sales] nach dem Kauf betreut
    }: „{ $agent }“, das ist { $person }
LADDER_CONTRIBUTOR_UNKNOWN =
    { $role ->
        [first_answer] zuerst geantwortet
        [closer] den Verkauf abgeschlossen
       *[after_sales] nach dem Kauf betreut
    }: „{ $agent }“; so heißt an diesem Tag keine beschäftigte Person oder mehr als eine
LADDER_SPLIT = Nach Rollen zugerechnet, wie Regel „{ $version }“ es vorgibt: erste Antwort { $first_answer }, Abschluss { $closer }, Betreuung nach dem Kauf { $after_sales }; der Teil einer Rolle, die niemand hatte, geht anteilig an die anderen: { $shares }.
LADDER_BY_SPLIT = Nach Rollen zugerechnet: { $shares }.
LADDER_BY_CLAIM = Per Klick beansprucht: { $shares }.
LADDER_CLICKED = { $person } hat am { $at } geklickt.
LADDER_BY_DEVICE = Betreut wurde am Gerät { $device }, das damals einer einzigen Person gehörte: { $shares }.
LADDER_BY_REPLIES = Mehrere waren im Dienst, jede Person mit mehreren Dialogen zugleich; die Zeiten der Antworten unterscheiden sie: { $shares }.
LADDER_BY_TAG_SHARE = Mehrere waren im Dienst, jede Person mit mehreren Dialogen zugleich; sie teilen wie die zeitlich nahen Vorgänge, die ihre Servicekraft nennen: { $shares }.
LADDER_NOT_SPLIT = Die Richtlinie gibt den genannten Rollen keinen Teil: der Vorgang wird zugerechnet, als nenne er keine Mitwirkenden.
LADDER_WORTH = Auf diesem Konto werden voraussichtlich etwa { $now } der Vorgänge jemand anderem zugerechnet; mit gestempelten Pausen etwa { $breaks }, mit Geräten an 30 % der Antworten etwa { $devices }, mit Beanspruchung der Hälfte der Vorgänge etwa { $claims }. Das ist nach den Zweifeln dieses Monats zu erwarten, nicht zugesagt.
WHY = { $first } ({ $part } %) eher als { $second } ({ $rest } %): { $what }.
WHY_AGAINST =
    { $why } { $sign ->
        [hands] Die Pause seit der letzten Antwort sprach für { $second }.
        [thread] Der bisherige Dialog sprach für { $second }.
        [profile] Die Art der Antwort sprach für { $second }.
       *[device] Das Gerät sprach für { $second }.
    }
WHY_SOMEBODY = jemand anders
WHY_SECONDS =
    { $count ->
        [one] { $count } Sekunde
       *[other] { $count } Sekunden
    }
WHY_MINUTES =
    { $count ->
        [one] { $count } Minute
       *[other] { $count } Minuten
    }
WHY_HOURS =
    { $count ->
        [one] { $count } Stunde
       *[other] { $count } Stunden
    }
WHY_DAYS =
    { $count ->
        [one] { $count } Tag
       *[other] { $count } Tage
    }
WHY_HANDS = { $one }, { $other }
    .short = { $one }, { $other }, kaum genug Zeit für eine weitere Antwort
    .usual = { $one }, { $other }, und eine solche Pause ist für { $first } üblicher
WHY_WROTE = { $who } hatte zuletzt { $pause } davor geantwortet
WHY_NOT_YET = { $who } hatte { $pause } davor den Dienst begonnen und noch nicht geantwortet
WHY_THREAD = { $first } hatte { $pause } zuvor vermutlich schon dieser Kundin oder diesem Kunden geantwortet
WHY_PROFILE = { $first } antwortet Kunden, die { $wait } gewartet haben, häufiger als { $second }
    .first = { $first } gibt Kunden, die { $wait } gewartet haben, häufiger die erste Antwort als { $second }
    .again = { $first } schreibt häufiger als { $second } { $wait } nach einer Antwort noch einmal, ohne neue Nachricht der Kundschaft
    .unasked = { $first } schreibt häufiger als { $second } Kunden an, die noch nicht geschrieben haben
WHY_WAIT =
    { $class ->
        [0] weniger als 5 Minuten
        [1] 5 bis 20 Minuten
        [2] 20 bis 60 Minuten
        [3] 1 bis 4 Stunden
        [4] 4 bis 24 Stunden
       *[other] mehr als einen Tag
    }
WHY_DEVICE = das Gerät, an dem geschrieben wurde, gehört { $first }
    .same = { $first } hatte zuvor vermutlich am selben Gerät geschrieben
WHY_DUTY = von den { $all } Antworten war { $first } bei { $count } im Dienst, { $second } bei { $other }
WHY_NAMES = von den Vorgängen innerhalb einer Stunde, die ihre Servicekraft nennen und für die beide im Dienst waren, hat { $first } { $count } von { $all } und { $second } { $other } von { $others }
    .all = von den Vorgängen des Kontos, die ihre Servicekraft nennen und für die beide im Dienst waren, hat { $first } { $count } von { $all } und { $second } { $other } von { $others }
WHY_TOGETHER = kein Anzeichen allein entscheidet, sondern alle Antworten ringsum zusammen
WHY_TOO_FEW_REPLIES = Nichts unterscheidet sie: zu wenige Vorgänge des Kontos haben Antwortzeiten, aus denen sich lernen ließe.
WHY_TOO_DENSE = Nichts unterscheidet sie: auf diesem Konto folgen die Antworten zu dicht aufeinander, als dass ihre Zeiten allein genügten, und zu wenige Vorgänge tragen Namen, sind beansprucht oder an bekannten Geräten geschrieben.
WHY_CLOCK_WITHOUT_SECONDS = Nichts unterscheidet sie: die Zeiten der Antworten des Kontos haben keine verlässlichen Sekunden.
WHY_NO_REPLY_TIMES = Nichts unterscheidet sie: jede Person kann mehrere Dialoge zugleich führen, und zu diesem ist keine Antwort bekannt, die während ihres Dienstes geschrieben wurde.
CREDIT_ACCOUNT_UNKNOWN =
    { $records ->
        [one] { $records } Vorgang eines Kontos, das die Zeiterfassung nicht kennt, wurde weggelassen
       *[other] { $records } Vorgänge eines Kontos, das die Zeiterfassung nicht kennt, wurden weggelassen
    }
CREDIT_UNKNOWN_AGENT =
    { $records ->
        [one] { $records } Vorgang nennt die Servicekraft „{ $agent }“; so heißt an seinem Tag keine beschäftigte Person oder mehr als eine: er zählt als ohne Namen
       *[other] { $records } Vorgänge nennen die Servicekraft „{ $agent }“; so heißt an ihren Tagen keine beschäftigte Person oder mehr als eine: sie zählen als ohne Namen
    }
CREDIT_NO_EVIDENCE =
    kein Dienstplan, keine Stempelung und keine Übergabe: das Team teilt { $records ->
        [one] { $records } Vorgang
       *[other] { $records } Vorgänge
    }
CREDIT_NOBODY_ON_DUTY =
    { $records ->
        [one] { $records } Vorgang kam
       *[other] { $records } Vorgänge kamen
    }, während niemand im Dienst war: niemandem zugerechnet
CREDIT_TAG_OFF_DUTY =
    { $records ->
        [one] { $records } Vorgang nennt
       *[other] { $records } Vorgänge nennen
    } { $person }, damals nicht im Dienst: der Name zählt
CREDIT_NAMED_WITHOUT_AGENT =
    { $records ->
        [one] { $records } Vorgang eines persönlichen Kontos nennt niemanden
       *[other] { $records } Vorgänge eines persönlichen Kontos nennen niemanden
    }: nur nach Übergabe zugerechnet, sonst niemandem
CREDIT_MIXED_WITHOUT_TAG =
    { $records ->
        [one] { $records } Vorgang eines gemischten Kontos nennt niemanden
       *[other] { $records } Vorgänge eines gemischten Kontos nennen niemanden
    }: zugerechnet wie auf einem gemeinsam genutzten
CONTRIBUTOR_UNKNOWN =
    { $records ->
        [one] { $records } Mitwirkung nennt „{ $agent }“; so heißt an ihrem Tag keine beschäftigte Person oder mehr als eine: ihr Teil geht an die anderen Mitwirkenden
       *[other] { $records } Mitwirkungen nennen „{ $agent }“; so heißt an ihren Tagen keine beschäftigte Person oder mehr als eine: ihre Teile gehen an die anderen Mitwirkenden
    }
CREDIT_CONTRIBUTOR_OFF_DUTY =
    { $records ->
        [one] { $records } Vorgang nennt { $person } als mitwirkend, bei seinem Beginn nicht im Dienst
       *[other] { $records } Vorgänge nennen { $person } als mitwirkend, bei ihrem Beginn nicht im Dienst
    }: der Name zählt
CREDIT_CONTRIBUTORS_NOT_SPLIT =
    { $records ->
        [one] { $records } Vorgang nennt Mitwirkende, und die Richtlinie gibt ihren Rollen keinen Teil: sie bleiben vermerkt, und der Vorgang wird zugerechnet, als nenne er keine
       *[other] { $records } Vorgänge nennen Mitwirkende, und die Richtlinie gibt ihren Rollen keinen Teil: sie bleiben vermerkt, und die Vorgänge werden zugerechnet, als nennten sie keine
    }
CREDIT_TOO_FEW_TO_INFER =
    bei { $records ->
        [one] { $records } Vorgang
       *[other] { $records } Vorgängen
    } waren mehrere Personen im Dienst, zu wenig für eine Ableitung: zu gleichen Teilen aufgeteilt
CREDIT_DID_NOT_SETTLE =
    die Ableitung über { $records ->
        [one] { $records } Vorgang
       *[other] { $records } Vorgänge
    } kam zu keinem stabilen Ergebnis: zu gleichen Teilen aufgeteilt
CREDIT_SEVERAL_AT_ONCE =
    bei { $records ->
        [one] { $records } Vorgang
       *[other] { $records } Vorgängen
    } waren mehrere Personen im Dienst, die mehrere Dialoge zugleich führen: zu gleichen Teilen aufgeteilt
CREDIT_TOO_FEW_REPLIES =
    { $records ->
        [one] { $records } Vorgang mit Antwortzeiten ist zu wenig,
       *[other] { $records } Vorgänge mit Antwortzeiten sind je Person zu wenige,
    } um Personen zu unterscheiden, die mehrere Dialoge zugleich führen: zu gleichen Teilen auf alle aufgeteilt, die bei der jeweiligen Antwort im Dienst waren
CREDIT_REPLIES_TOO_DENSE =
    { $records ->
        [one] { $records } Vorgang liegt
       *[other] { $records } Vorgänge liegen
    } auf einem Konto, auf dem die Antworten so dicht aufeinanderfolgen, dass ihre Zeiten allein die Personen nicht unterscheiden, und bei weniger als einem Zehntel der Antworten sagt etwas, von wem sie sind: zu gleichen Teilen auf alle aufgeteilt, die bei der jeweiligen Antwort im Dienst waren
CREDIT_EVIDENCE_UNEVEN =
    { $records ->
        [one] { $records } Vorgang sagt nicht, wem er gehört
       *[other] { $records } Vorgänge sagen nicht, wem sie gehören
    }, und auf diesem Konto ist der gezeichnete, beanspruchte oder an bekannten Geräten geschriebene Anteil von Person zu Person sehr verschieden, am kleinsten bei { $person }: gewichtet danach, wie viel jede Person offenlässt
    .equal =
        { $records ->
            [one] { $records } Vorgang sagt nicht, wem er gehört
           *[other] { $records } Vorgänge sagen nicht, wem sie gehören
        }, und auf diesem Konto ist der beanspruchte oder an bekannten Geräten geschriebene Anteil von Person zu Person sehr verschieden, am kleinsten bei { $person }: zu gleichen Teilen aufgeteilt, was für { $person } bei gleicher Arbeit zu wenig ist
CREDIT_CLOCK_WITHOUT_SECONDS =
    mehr als ein Zehntel der Antworten { $records ->
        [one] auf { $records } Vorgang liegt
       *[other] auf { $records } Vorgänge liegt
    } auf einer vollen Minute, daher ist ihrer Uhr nicht zu trauen: zu gleichen Teilen auf alle aufgeteilt, die bei der jeweiligen Antwort im Dienst waren
CREDIT_CLAIM_OFF_DUTY =
    { $person } hat { $records ->
        [one] { $records } Dialog beansprucht, ohne im Dienst zu sein: die Beanspruchung zählt nicht
       *[other] { $records } Dialoge beansprucht, ohne im Dienst zu sein: die Beanspruchungen zählen nicht
    }
CREDIT_CLAIM_WITHOUT_RECORD =
    { $person } hat { $records ->
        [one] { $records } Dialog beansprucht, zu dem es keinen Vorgang gibt: die Beanspruchung zählt nicht
       *[other] { $records } Dialoge beansprucht, zu denen es keine Vorgänge gibt: die Beanspruchungen zählen nicht
    }
CREDIT_CLAIMS_DIFFER =
    { $person } hat { $record } am { $at } beansprucht, { $second } aber schon am { $before }: keine der Beanspruchungen entscheidet{ $more ->
        [0] { "" }
        [one] . Ebenso bei { $more } weiteren Vorgang dieses Tages
       *[other] . Ebenso bei { $more } weiteren Vorgängen dieses Tages
    }
    .tag =
        { $person } hat { $record } am { $at } beansprucht, die Plattform aber nennt dafür { $second }: der Name zählt{ $more ->
            [0] { "" }
            [one] . Ebenso bei { $more } weiteren Vorgang dieses Tages
           *[other] . Ebenso bei { $more } weiteren Vorgängen dieses Tages
        }
CREDIT_DEVICE_OFF_DUTY =
    das Gerät { $device } von { $person }, damals nicht im Dienst, wurde { $records ->
        [one] einmal
       *[other] { $records }-mal
    } benutzt: es zählt nicht
    .there =
        das Gerät { $device } von { $person }, damals für { $place } im Dienst, wurde { $records ->
            [one] einmal
           *[other] { $records }-mal
        } benutzt: es zählt nicht
    .elsewhere =
        das Gerät { $device } von jemandem, der hier nie im Dienst war, wurde { $records ->
            [one] einmal
           *[other] { $records }-mal
        } benutzt: es zählt nicht
DEVICE_BOUND_TO_SEVERAL = ab { $from } gehört das Gerät { $device } zu mehreren Personen oder Arbeitsplätzen zugleich: es bleibt gespeichert, und was dann daran geschrieben wird, sagt nichts aus
    .ever = das Gerät { $device } gehört von Anfang an zu mehreren Personen oder Arbeitsplätzen zugleich: es bleibt gespeichert, und was dann daran geschrieben wird, sagt nichts aus
CREDIT_DEVICE_OF_SEVERAL =
    das Gerät { $device } gehört zugleich { $more ->
        [0] { $first } und { $second }
        [one] { $first }, { $second } und { $more } weiteren Person
       *[other] { $first }, { $second } und { $more } weiteren Personen
    } und wurde { $records ->
        [one] einmal
       *[other] { $records }-mal
    } benutzt: es zählt nicht
    .beyond =
        das Gerät { $device } gehört { $person } und zugleich jemandem, der hier nie im Dienst war, und wurde { $records ->
            [one] einmal
           *[other] { $records }-mal
        } benutzt: es zählt nicht
    .unknown =
        das Gerät { $device } gehört mehreren Personen zugleich und wurde { $records ->
            [one] einmal
           *[other] { $records }-mal
        } benutzt: es zählt nicht
DEVICE_OF_NOBODY =
    { $devices ->
        [one] das Gerät { $device }, das niemandem zugeordnet ist, wurde
       *[other] { $devices } Geräte, die niemandem zugeordnet sind, etwa { $device }, wurden
    } { $records ->
        [one] einmal
       *[other] { $records }-mal
    } benutzt: das sagt nur, was dieselben Hände geschrieben haben
    .near =
        das Gerät { $device }, das niemandem zugeordnet ist, wurde { $records ->
            [one] einmal
           *[other] { $records }-mal
        } benutzt, das zugeordnete { $near } dagegen nie: ist dieses gemeint?
    .seat =
        das Gerät { $device } des Arbeitsplatzes { $seat } wurde { $records ->
            [one] einmal
           *[other] { $records }-mal
        } benutzt, während dort niemand eingeplant war: es gehörte dann niemandem
    .ended =
        das Gerät { $device } wurde { $records ->
            [one] einmal
           *[other] { $records }-mal
        } nach dem { $to }, dem letzten Tag seiner Zuordnung, benutzt: es gehörte dann niemandem
    .coming =
        das Gerät { $device } wurde { $records ->
            [one] einmal
           *[other] { $records }-mal
        } vor dem { $from }, dem ersten Tag seiner Zuordnung, benutzt: es gehörte dann niemandem
EVIDENCE_NOT_READ = Version { $version } der Richtlinie liest keine Beanspruchungen, Geräte oder Nachrichtenzeiten. Für den Monat hat das Konto: Beanspruchungen { $claims }; Vorgänge mit Nachrichtenzeiten { $replies }; Geräte, die Vorgänge oder Nachrichten nennen, { $devices }
CREDIT_REPLY_OUTSIDE_RECORD =
    { $records ->
        [one] { $records } Antwort lag vor dem Beginn oder nach dem Ende ihres Vorgangs: sie zählt nicht
       *[other] { $records } Antworten lagen vor dem Beginn oder nach dem Ende ihres Vorgangs: sie zählen nicht
    }
BREAKS_NOT_PUNCHED =
    { $days ->
        [one] { $days } Arbeitstag
       *[other] { $days } Arbeitstage
    } von { $people ->
        [one] { $people } Person
       *[other] { $people } Personen
    } { $days ->
        [one] war
       *[other] waren
    } ein ununterbrochener Dienst, in dem zwei Stunden oder länger so gut wie nichts von der Person kam, während andere arbeiteten. Mit gestempelten Pausen würden voraussichtlich etwa { $breaks } der Vorgänge des Kontos jemand anderem zugerechnet statt etwa { $now }
CREDIT_CLOCKS_APART =
    die Nachrichten { $records ->
        [one] von { $records } Vorgang
       *[other] von { $records } Vorgängen
    } folgen einer Uhr, die { $minutes } min { $seconds } s vor der Uhr der Vorgänge geht: sie werden um so viel früher gelesen
    .behind =
        die Nachrichten { $records ->
            [one] von { $records } Vorgang
           *[other] von { $records } Vorgängen
        } folgen einer Uhr, die { $minutes } min { $seconds } s hinter der Uhr der Vorgänge geht: sie werden um so viel später gelesen
AMOUNTS_CONVERTED =
    Beträge von { $records ->
        [one] { $records } Vorgang
       *[other] { $records } Vorgängen
    } wurden von { $from } in { $to } umgerechnet, jeder mit dem Kurs seines örtlichen Tages und einmal gerundet: { $rates }{ $more ->
        [0] { "" }
       *[other] { " " }und { $more } weitere
    }
REFUND_EXCEEDS_SALE =
    { $sales ->
        [one] bei einem Verkauf wurde mehr erstattet, als er gebracht hat, und er zählt
       *[other] bei { $sales } Verkäufen wurde mehr erstattet, als sie gebracht haben, und sie zählen
    } unter null: { $named }{ $more ->
        [0] { "" }
       *[other] { " " }und { $more } weitere
    }
REGION_SAME = eine Übertragung geht in eine andere Region als { $region }
REPORT_NOT_A_MONTH = ein Bericht betrifft einen Kalendermonat, und der Zyklus läuft von { $from } bis { $to }: legen Sie einen Zyklus über einen Monat an
NOTHING_TO_TELL = über keine Einheit darf berichtet werden: jede hat weniger als fünf Personen oder würde durch eine Differenz weniger erkennen lassen
TRANSFER_NOT_PREPARED =
    die Übertragung ist bereits { $stage ->
        [prepared] vorbereitet
        [approved] genehmigt
        [released] freigegeben
        [withdrawn] zurückgezogen
       *[rejected] abgelehnt
    }
TRANSFER_NOT_APPROVED = die Übertragung wartet auf die Genehmigung einer anderen Person
TRANSFER_DROPPED =
    die Übertragung wurde { $stage ->
        [withdrawn] zurückgezogen
       *[rejected] abgelehnt
    }: bereiten Sie eine neue vor
TRANSFER_RELEASED = die Übertragung wurde bereits freigegeben: was mitgeteilt wurde, lässt sich nicht zurücknehmen
TRANSFER_STALE = inzwischen wurde ein anderer Bericht über den Monat freigegeben, und beide zusammen würden weniger als fünf Personen erkennen lassen: bereiten Sie die Übertragung neu vor
TRANSFER_MALFORMED = das ist nicht die hier erwartete Datei oder nicht die ganze: senden Sie die vollständige Datei, wie ReleaseTransfer oder ExportStandard sie ausgegeben hat
TRANSFER_SIGNATURE_WRONG = die Datei ist nicht von der Installation der Region { $region } signiert: sie wurde verändert, oder hier fehlt deren neuer öffentlicher Schlüssel
REGION_KEY_UNKNOWN = hier ist kein öffentlicher Schlüssel von { $region } bekannt: legen Sie deren performance.pub als regions/{ $region }.pub in den Schlüsselordner
TRANSFER_OF_ANOTHER_GROUP = die Datei gehört zu einem anderen Konzern
TRANSFER_ALREADY_EXISTS = die Datei wurde bereits übernommen
TRANSFER_KIND_EXPECTED = geben Sie an, was übertragen werden soll: ein Bericht oder das Verzeichnis

## Compensation

CYCLE_NOT_PUBLISHED = Punktzahlen können sich noch ändern: veröffentlichen Sie zuerst den Zyklus
    .report = der Zyklus ist nicht veröffentlicht: Berichte nennen nur Endgültiges
    .correct = der Zyklus ist nicht veröffentlicht, daher gibt es nichts zu korrigieren: schließen Sie ihn erneut ab, dann liest er, was jetzt gilt
RESULT_VERSION_UNKNOWN = der Zyklus hat keine solche Version seines Ergebnisses, oder bis dahin war keine veröffentlicht: fragen Sie seine Versionen mit ListCardVersions ab
VERSION_TWICE = nennen Sie eine Version oder einen Zeitpunkt, nicht beides
CYCLE_CORRECTION_UNDERWAY = die Korrektur { $cycle } dieses Zyklus ist nicht veröffentlicht und nennt einen anderen Grund oder eine andere Version des Bewertungsmodells: fragen Sie mit deren Angaben, um sie neu zu berechnen, veröffentlichen Sie sie (PublishCycle), oder verwerfen Sie sie (CancelCycle), und fragen Sie dann erneut
CORRECTION_CHANGES_NOTHING = jede Scorecard ist wie veröffentlicht, daher gibt es nichts zu veröffentlichen: verwerfen Sie die Korrektur (CancelCycle); wenn etwas korrigiert ist, worauf der Zyklus beruht, beantragen Sie sie erneut
ACCOUNTS_EXPECTED = nennen Sie mindestens ein Konto und höchstens { $most }
ACCOUNT_UNKNOWN_HERE = es gibt kein Konto { $account }, nach dem Sie fragen dürfen: suchen Sie die ID mit ListAccounts
UNIT_UNKNOWN_HERE = in dem Bereich, für den der Lauf gestartet wird, gibt es keine Einheit { $unit }: suchen Sie die ID mit ListOrgUnits, oder lassen Sie den Lauf für eine Einheit darüber starten
ACCOUNTS_OR_SCHEME = entweder Konten oder ein Bewertungsmodell, nicht beides: lassen Sie eines weg
POOL_WITHOUT_PEOPLE = der Bonuspool hat niemanden, an den er zahlen könnte: der Zyklus enthält keine Scorecard aus der Einheit des Bonuspools
POOL_OUTSIDE_CYCLE = ein Bonuspool gehört zur Einheit seines Zyklus oder zu einer darunter: nennen Sie eine solche, oder keine für die Einheit des Zyklus
PAY_OUTSIDE_UNIT =
    { $count } { $count ->
        [one] Person hat eine Scorecard im Zyklus und gehörte
       *[other] Personen haben eine Scorecard im Zyklus und gehörten
    } am letzten Tag des Zyklus nicht zur Einheit des Bonuspools: { $people }. Eine Einheit zahlt an ihre eigenen Personen: schließen Sie den Zyklus mit einem Personenkreis ab, der die anderen weglässt
    .correction =
        { $count } { $count ->
            [one] Person hat eine Scorecard im Zyklus und gehörte
           *[other] Personen haben eine Scorecard im Zyklus und gehörten
        } am letzten Tag des Zyklus nicht zur Einheit des Bonuspools: { $people }. Eine Einheit zahlt an ihre eigenen Personen: korrigieren Sie zuerst den Zyklus (CorrectCycle), und entwerfen Sie dann diese Korrektur neu
POOL_NEGATIVE = ein Bonuspool kann nicht kleiner als null sein: geben Sie einen Betrag ab 0 an; zurückfordern lässt sich Geld mit einem Bonuspool nicht
ZERO_SCORES = keine Punktzahl ist größer als null, daher gibt es keine Regel für die Verteilung: sehen Sie sich zuerst die Scorecards des Zyklus an
PART_WITHOUT_CLAIM = Teil { $place } des Bonuspools geht an niemanden: keine Punktzahl erreicht eine Staffel mit Gewicht oder seine Untergrenze; ändern Sie die Regel des Teils
SETTLEMENT_NOT_DRAFT =
    die Abrechnung ist { $stage ->
        [draft] ein Entwurf
        [approved] genehmigt
        [posted] gebucht
       *[discarded] verworfen
    } und kein Entwurf mehr
SETTLEMENT_NOT_APPROVED =
    die Abrechnung ist { $stage ->
        [draft] ein Entwurf
        [approved] genehmigt
        [posted] gebucht
       *[discarded] verworfen
    }; nur eine genehmigte kann gebucht werden
SETTLEMENT_POSTED = eine gebuchte Abrechnung ändert sich nie: entwerfen Sie eine Korrektur dazu, die nächste Abrechnung zahlt die Differenz
SETTLEMENT_NOT_POSTED =
    die Abrechnung ist { $stage ->
        [draft] ein Entwurf
        [approved] genehmigt, aber nicht gebucht
       *[discarded] verworfen
    }, und nur eine gebuchte wird korrigiert: verwerfen Sie sie, und entwerfen Sie sie neu
PAY_CORRECTION_WAITS = die Korrektur { $correction } der Abrechnung wartet auf ihre Genehmigung: genehmigen Sie sie, oder ziehen Sie sie zuerst zurück
NOTHING_TO_CORRECT = nach den jetzigen Scorecards bekommen alle, was die Abrechnung und ihre Korrekturen ergeben haben: korrigieren Sie zuerst den Zyklus, sonst gibt es nichts zu berichtigen
PAY_CORRECTION_NOT_DRAFT =
    die Korrektur ist { $stage ->
        [approved] genehmigt
       *[withdrawn] zurückgezogen
    } und kein Entwurf mehr
DELTAS_WAIT_NOW = was aussteht, wird nach jetzigem Stand genannt: lassen Sie known_at oder waiting_only weg
CORRECTION_REASON_MISSING = geben Sie den Grund an: jeder Entgeltnachweis zeigt ihn
POOL_THERE = der Bonuspool { $pool } dieses Zyklus hat denselben Namen, Betrag und dieselbe Regel: rechnen Sie jenen ab, oder geben Sie diesem einen anderen Namen, wenn es das Geld noch einmal gibt
POOL_PAID = eine Abrechnung des Bonuspools { $pool } ist bereits gebucht, und ein Bonuspool wird einmal ausgezahlt: verwerfen Sie die anderen, und legen Sie einen weiteren Bonuspool mit anderem Namen an, wenn mehr Geld auszuzahlen ist
CARRY_MOVED = seit diesem Entwurf wurde eine andere Abrechnung gebucht oder eine Korrektur genehmigt, und die Restcents haben sich verschoben: entwerfen Sie sie neu
DELTA_SCORE = die Punktzahl wurde von { $old } auf { $new } korrigiert
DELTA_AGAINST =
    { $by ->
        [fell] die eigene Punktzahl wurde von { $old } auf { $new } korrigiert, die der anderen aber fielen stärker, zusammen von { $others_old } auf { $others_new }: daher ist der Anteil am Bonuspool gewachsen
        [rose] die eigene Punktzahl wurde von { $old } auf { $new } korrigiert, die der anderen aber stiegen stärker, zusammen von { $others_old } auf { $others_new }: daher ist der Anteil am Bonuspool gesunken
        [less] die eigene Punktzahl wurde von { $old } auf { $new } korrigiert, die der anderen zusammen von { $others_old } auf { $others_new }: nach der Regel des Bonuspools ist der Anteil daran dennoch gesunken
       *[more] die eigene Punktzahl wurde von { $old } auf { $new } korrigiert, die der anderen zusammen von { $others_old } auf { $others_new }: nach der Regel des Bonuspools ist der Anteil daran dennoch gewachsen
    }
DELTA_ADDED = eine Punktzahl von { $score } kam hinzu
DELTA_REMOVED = die Punktzahl von { $score } wurde zurückgenommen
DELTA_OTHERS = die Punktzahlen anderer wurden korrigiert, und der Bonuspool wird auf alle verteilt
POOL_WITHOUT_PARTS = mindestens ein Teil ist nötig
SHARES_NOT_WHOLE = die Anteile ergeben { $sum } Millionstel, nicht genau 1000000
PART_OF_NOTHING = ein Teil von nichts: lassen Sie ihn weg
PART_RULE_MISSING = geben Sie an, wie dieser Teil verteilt wird: tiers, proportional oder team_fund
PART_WITHOUT_TIERS = mindestens eine Staffel ist nötig
TIERS_OUT_OF_ORDER = schreiben Sie die Staffeln von der besten an, jede mit einem niedrigeren min_score
TIERS_MIXED = geben Sie jeder Staffel einen min_score oder jeder Staffel eine Quote
TIERS_WITHOUT_WEIGHT = alle Gewichte sind null, daher könnte niemand etwas bekommen
TIER_WEIGHTS_OUT_OF_ORDER = eine schlechtere Staffel wiegt mehr als eine bessere
STATEMENT_AMOUNT =
    { $paid } für eine Punktzahl von { $score }: { $than ->
        [less] { $difference } weniger als
        [same] genauso viel wie
       *[more] { $difference } mehr als
    } die { $equal } bei gleicher Verteilung.
STATEMENT_WITHOUT_TIER = Teil { $number } ({ $share } des Bonuspools, { $part }), nach Staffeln: die Punktzahl erreicht keine Staffel, daher { $amount }.
STATEMENT_TIER_WITHOUT_WEIGHT = Teil { $number } ({ $share } des Bonuspools, { $part }), nach Staffeln: die Staffel { $tier } hat kein Gewicht, daher { $amount }.
STATEMENT_NOT_ABOVE_FLOOR = Teil { $number } ({ $share } des Bonuspools, { $part }), anteilig nach der Punktzahl: sie liegt nicht über { $floor }, daher { $amount }.
STATEMENT_PART = Teil { $number } ({ $share } des Bonuspools, { $part }), { $claim } von insgesamt { $sum }; { $major } × { $weight } / { $sum } = { $rounded }{ $carried }; daher { $amount }.
STATEMENT_BY_TIER = nach Staffeln: die Staffel { $tier } wiegt { $weight }
STATEMENT_ABOVE_FLOOR =
    anteilig nach der Punktzahl über { $floor }: { $points ->
        [one] { $points } Punkt
       *[other] { $points } Punkte
    }
STATEMENT_BY_SCORE =
    anteilig nach der Punktzahl: { $points ->
        [one] { $points } Punkt
       *[other] { $points } Punkte
    }
STATEMENT_EXACT = genau { $whole }
STATEMENT_ROUNDED =
    { $whole } und { $fraction } von { $smallest }; von den { $units } Resteinheiten zu { $smallest } { $came ->
        [yes] kam eine hierher
       *[no] kam keine hierher
    }
STATEMENT_CARRIED = ; Übertrag von vorher { $before }, weiter übertragen { $after }

## The bundle: what is said of files, rows and settings. A reason and its cure are two cells of rejected.csv

UNUSABLE = { $file }: { $problem }. { $cure }.
SEVERAL_PROBLEMS = { $problems }
REASON_ALSO = { $reason }; außerdem { $column }: { $more }
AND_MORE_ROWS =
    { $count } { $count ->
        [one] weitere Zeile dieser Datei wurde zurückgewiesen
       *[other] weitere Zeilen dieser Datei wurden zurückgewiesen
    }
AND_MORE_ROWS_CURE = beheben Sie zuerst die Zeilen darüber: die übrigen scheitern meist aus denselben Gründen
AND_MORE_FINDINGS = und weitere derselben Art
FIRST_REJECTED = Zeile { $line }{ $column }: { $reason } ({ $cure })
FIRST_REJECTED_COLUMN = , Spalte { $column }
EVERY_ROW_REJECTED = ; alle Zeilen wurden zurückgewiesen: { $first }
ROWS_REJECTED =
    { $count ->
        [one] ; { $count } Zeile wurde zurückgewiesen: { $first }
       *[other] ; { $count } Zeilen wurden zurückgewiesen, die erste: { $first }
    }
HINT_NEAR = ; ist { $near } gemeint?
HINT_MEANT = { " " }(ist { $near } gemeint?)
HINT_MEANT_AS = { " " }(ist { $near } als { $column } gemeint?)
HINT_THERE_IS = { " " }(vorhanden ist { $near })
NO_FOLDER = er ist nicht als Ordner lesbar ({ $error })
NO_FOLDER_CURE = geben Sie den Ordner mit people.csv, accounts.csv und records.csv an
MISSING_FILE = sie fehlt in { $folder }{ $hints }
MISSING_FILE_CURE = fügen Sie die Datei unter genau diesem Namen hinzu; docs/bundle.md beschreibt jede Datei
NOT_A_FILE = es ist keine Datei
NOT_A_FILE_CURE = legen Sie stattdessen eine CSV- oder YAML-Datei ab
UNREADABLE = nicht lesbar ({ $error })
UNREADABLE_CURE = prüfen Sie die Datei und ihre Zugriffsrechte
UNKNOWN_FILE = diese Datei wird von nichts gelesen{ $hint }
EMPTY_OPTIONAL_FILE = die Datei ist leer und wurde übergangen
THE_PERIOD = der Zeitraum
PERIOD_BACKWARDS_CURE = vertauschen Sie --from und --to
PERIOD_HALF = eines seiner beiden Enden fehlt
PERIOD_HALF_CURE = geben Sie --from und --to beide an oder keines
PERIOD_OF_DAYS = der Zeitraum hat { $days } Tage, und höchstens { $most } werden auf einmal abgeschlossen
PERIOD_OF_DAYS_CURE = schließen Sie ihn in Teilen ab
TEAM_WITHOUT_PEOPLE = niemand in people.csv gehört zu seinem Team { $team }
BRANCH_WITHOUT_PEOPLE = niemand in people.csv gehört zu dieser Niederlassung
TOO_LARGE_SETTINGS = sie ist größer als 1 MiB
TOO_LARGE_SETTINGS_CURE = Einstellungen sind etwa eine Seite Text: prüfen Sie, ob die richtige Datei diesen Namen trägt
NOT_VALID_TEXT = es ist kein gültiger Text
NOT_VALID_TEXT_CURE = speichern Sie sie als UTF-8
ZERO_BYTES = sie enthält Nullbytes, die keine CSV- oder YAML-Datei hat
ZERO_BYTES_CURE = exportieren Sie sie erneut als CSV in UTF-8 (eine Datei der Tabellenkalkulation ist keine CSV-Datei)
UNKNOWN_ENCODING = ihr Text ist weder UTF-8 noch UTF-16 noch GBK (er sieht nach { $encoding } aus)
BAD_YAML = es ist kein gültiges YAML: { $cause } (der Parser sagt „{ $said }“)
    .at = in Zeile { $line }, Spalte { $column } ist es kein gültiges YAML: { $cause } (der Parser sagt „{ $said }“)
YAML_KEY_TWICE = der Schlüssel { $key } kommt doppelt vor
    .lines = der Schlüssel { $key } kommt doppelt vor, in Zeile { $first } und in Zeile { $second }
YAML_TAB = ein Tabulator steht, wo nur Leerzeichen stehen dürfen
YAML_NOT_CLOSED = eine geöffnete Klammer oder ein geöffnetes Anführungszeichen ist nicht geschlossen
YAML_NO_VALUE = dort wird ein Wert erwartet
YAML_BAD_START = kein Wert beginnt mit diesem Zeichen: setzen Sie den Text in Anführungszeichen
YAML_SIGN = ein Text, der mit &, * oder ! beginnt, ist ein Verweis oder ein Tag: setzen Sie ihn in Anführungszeichen
YAML_ESCAPE = ein Backslash in doppelten Anführungszeichen leitet ein Sonderzeichen ein: verdoppeln Sie ihn, oder nehmen Sie einfache Anführungszeichen
YAML_STRUCTURE = ein Schlüssel, ein Doppelpunkt oder eine Einrückung passt dort nicht
YAML_OTHER = dort ist es nicht lesbar
BAD_YAML_CURE = beheben Sie das YAML dort: zwei Leerzeichen je Ebene, ein Leerzeichen nach jedem Doppelpunkt
YAML_KEY_TWICE_CURE = behalten Sie den gemeinten, und löschen Sie den anderen
YAML_NUMBER_TOO_LARGE = eine Zahl ist zu groß, um gelesen zu werden (der Parser sagt: „{ $said }“)
YAML_NUMBER_TOO_LARGE_CURE = schreiben Sie eine kleinere Zahl
YAML_UNSEEN = Zeile { $line } enthält das unsichtbare Zeichen { $character }
YAML_UNSEEN_CURE = löschen Sie dieses Zeichen, oder geben Sie die Zeile neu ein
INVALID_SETTINGS_CURE = korrigieren Sie diese Werte; Beispiele stehen in docs/bundle.md

## The bundle: tables

EMPTY_FILE = sie ist leer
EMPTY_FILE_CURE = füllen Sie sie: die erste Zeile lautet { $header }
NOT_CSV = es ist keine CSV-Datei mit Kopfzeile: { $why }
NOT_CSV_CURE = exportieren Sie sie als CSV; die erste Zeile lautet { $header }
    .named = löschen Sie die Zeile mit `sep=`, oder speichern Sie die Datei erneut mit nur einem Trennzeichen
NOT_CSV_NO_END = die erste Zeile endet nicht, oder ein Anführungszeichen darin ist nicht geschlossen
NOT_CSV_NO_TEXT = die erste Zeile ist kein Text
NOT_CSV_NO_COLUMN = die erste Zeile nennt keine der Spalten
    .named_not = die erste Zeile lautet `sep={ $named }`, und die Kopfzeile darunter ist mit `{ $sign }` getrennt
    .named_not_tab = die erste Zeile lautet `sep={ $named }`, und die Kopfzeile darunter ist mit Tabulatoren getrennt
CONVERTED_ENCODING = als { $encoding } gelesen und in UTF-8 umgewandelt
SEPARATED_BY_TAB = die Spalten sind mit Tabulatoren getrennt
SEPARATED_BY_SIGN = die Spalten sind mit dem Zeichen { $sign } getrennt
SEPARATED_BY_SEMICOLON = die Spalten sind mit Semikolons getrennt
LINE_TOO_LONG = die Zeile ist länger als 1 MiB
LINE_TOO_LONG_CURE = prüfen Sie, wo ihr Zeilenende geblieben ist
TOO_MANY_CELLS = sie hat { $cells } Zellen, die Kopfzeile hat { $columns }
TOO_MANY_CELLS_CURE = setzen Sie eine Zelle mit einem Komma oder Anführungszeichen in doppelte Anführungszeichen
NOT_TEXT_IN_ENCODING = sie enthält Bytes, die in der Kodierung der Datei kein Text sind
UNSEEN_CHARACTER = sie enthält das unsichtbare Zeichen { $character }
UNSEEN_CHARACTER_CURE = löschen Sie es: geben Sie die Zelle neu ein, oder bereinigen Sie die Spalte in dem Programm, das sie exportiert
OPEN_QUOTE = ein Anführungszeichen darin öffnet eine Zelle, die nicht an ihrer Stelle geschlossen wird
OPEN_QUOTE_CURE = verdoppeln Sie Anführungszeichen innerhalb einer Zelle, wie in "5"" screen"
UNBALANCED_QUOTES = ihre Anführungszeichen gehen an sehr vielen Stellen nicht auf, zuletzt in Zeile { $line }
UNBALANCED_QUOTES_CURE = exportieren Sie sie erneut als CSV: Anführungszeichen innerhalb einer Zelle werden verdoppelt
COLUMN_TWICE = die Spalte { $column } kommt doppelt vor
    .names = die Spalte { $column } kommt doppelt vor, als „{ $one }“ und als „{ $other }“
COLUMN_TWICE_CURE = behalten Sie eine davon, oder geben Sie der anderen einen anderen Namen
MISSING_COLUMNS = der Kopfzeile fehlt die Spalte { $columns }{ $hints }
MISSING_COLUMNS_CURE = fügen Sie sie hinzu; eine vollständige Kopfzeile lautet { $header }
MISSING_KIND_CURE = fügen Sie sie hinzu; eine vollständige Kopfzeile lautet { $header }; oder schreiben Sie `punches: alternating` oder `punches: first_last` in group.yaml
MISSING_COLUMN = diese Spalte gibt es nicht: in jeder Zeile als leer angenommen
UNKNOWN_COLUMN = diese Spalte wird von nichts gelesen{ $hint }
EQUAL_ROWS = gleiche Zeilen wurden einmal übernommen ({ $count } weggelassen)

## The bundle: cells

IT_IS_EMPTY = sie ist leer
IT_IS_EMPTY_CURE = füllen Sie sie aus
TOO_MANY_CHARACTERS = sie ist länger als { $most } Zeichen
TOO_MANY_CHARACTERS_CURE = kürzen Sie sie
TOO_MANY_MEASURES = die Zeile hat mehr als { $most } Messgrößen neben den bekannten Spalten
TOO_MANY_MEASURES_CURE = lassen Sie Spalten weg, die nichts misst
NO_TIME_ZONE = „{ $text }“ ist keine Zeitzone
NO_TIME_ZONE_CURE = schreiben Sie einen IANA-Namen wie Asia/Shanghai
STANDS_FOR_NO_VALUE = „{ $text }“ steht für keinen Wert
STANDS_FOR_NO_VALUE_CURE = schreiben Sie die ID; gibt es keine, lassen Sie die Zeile weg
FORMULA_FAILED = „{ $text }“ zeigt eine Tabellenkalkulation bei einer fehlgeschlagenen Formel an, es ist kein Wert
FORMULA_FAILED_CURE = beheben Sie die Formel, oder exportieren Sie die Spalte von dort, wo sie herkommt; lassen Sie die Zelle nur leer, wenn es keinen Wert gibt
NEITHER_YES_NOR_NO = „{ $text }“ ist weder ja noch nein
NEITHER_YES_NOR_NO_CURE = schreiben Sie true, false, 1, 0, yes, no, 是 oder 否, oder lassen Sie sie leer
NO_SMALL_COUNT = „{ $text }“ ist keine ganze Zahl von 1 bis 1000
NO_SMALL_COUNT_CURE = schreiben Sie eine solche Zahl
IT_IS_NEGATIVE = der Wert ist negativ
IT_IS_NEGATIVE_CURE = schreiben Sie eine Zahl ab 0, oder lassen Sie die Zelle leer
NUMBER_ABOVE_RANGE = { $text } ist zu groß
NUMBER_ABOVE_RANGE_CURE = schreiben Sie eine Zahl von 0 bis { $most }, oder lassen Sie die Zelle leer, wenn nicht gemessen wurde
NO_NUMBER = „{ $text }“ ist keine Zahl
    .comma = „{ $text }“ hat ein Komma; wo group.yaml kein `numbers` enthält, haben Zahlen einen Punkt und keine Gruppierung
    .exponent = „{ $text }“ hat einen Exponenten, den Zahlen nicht haben
NO_NUMBER_CURE = schreiben Sie Ziffern mit einem Punkt, etwa 12.5, oder lassen Sie die Zelle leer, wenn nicht gemessen wurde
    .needed = schreiben Sie Ziffern mit einem Punkt, etwa 12.5, oder nehmen Sie die Zeile heraus
NEGATIVE_AMOUNT = der Betrag { $text } ist negativ
NEGATIVE_AMOUNT_CURE = schreiben Sie eine Erstattung als eigene Zeile mit negativem Betrag, die in refers_to die external_id des Verkaufs nennt, oder lassen Sie die Zelle leer
NO_AMOUNT = „{ $text }“ ist kein Betrag
NO_AMOUNT_CURE = schreiben Sie Ziffern mit einem Punkt, etwa 1234.50, ohne Währungszeichen, oder geben Sie in group.yaml an, wie Zahlen geschrieben sind: `numbers: { "{" }decimal: ".", grouping: ","{ "}" }`, wenn 1,234.50 gemeint ist, `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`, wenn es 1.234,50 ist
    .yaml = schreiben Sie Ziffern mit einem Punkt, etwa 1234.50, ohne Währungszeichen und ohne Gruppierung
AMOUNT_DECIMALS = { $text } hat mehr Nachkommastellen als { $currency } ({ $digits })
    .told = { $text } hat mehr Nachkommastellen als { $currency } ({ $digits }): laut group.yaml steht „{ $sign }“ vor den Nachkommastellen
AMOUNT_DECIMALS_CURE = runden Sie auf die kleinste Einheit der Währung, oder geben Sie in group.yaml an, wenn 1.234 eintausendzweihundertvierunddreißig bedeutet: `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
    .either = schreiben Sie { $whole } oder { $decimal }, je nachdem, was gemeint ist
    .round = runden Sie auf die kleinste Einheit der Währung
    .whole = schreiben Sie { $whole }, wenn das gemeint ist, oder runden Sie auf die kleinste Einheit der Währung
HUGE_AMOUNT = der Betrag { $text } ist zu groß
HUGE_AMOUNT_CURE = prüfen Sie die Einheit: es ist die Haupteinheit
NO_DATE = „{ $text }“ ist kein Datum
NO_DATE_CURE = schreiben Sie Jahr-Monat-Tag, etwa 2026-03-02
NO_TIME = „{ $text }“ ist keine Zeitangabe
NO_TIME_CURE = schreiben Sie 2026-03-02 09:00:00 oder mit Zeitverschiebung 2026-03-02T09:00:00+08:00
TIME_BEYOND_RANGE = die Zeitangabe liegt außerhalb des zulässigen Bereichs
TIME_BEYOND_RANGE_CURE = prüfen Sie das Jahr
TIME_SKIPPED = { $time } gab es in { $zone } nicht: die Uhren wurden von { $before } auf { $after } vorgestellt
TIME_SKIPPED_CURE = schreiben Sie die Zeit mit ihrer Zeitverschiebung, etwa { $time }{ $offset }
THAT_ZONE = dieser Zeitzone
MAY_BE_GROUPED = „{ $text }“ kann eine Dezimalzahl oder eine gruppierte Zahl sein
GROUPED_BY_SPACE = „{ $text }“ hat Leerzeichen zwischen den Ziffern
GROUPED_BY_SPACE_CURE = nehmen Sie sie heraus, oder geben Sie in group.yaml an, wie Zahlen geschrieben sind: `numbers: { "{" }decimal: ",", grouping: space{ "}" }`, wenn 1 234,50 gemeint ist, `numbers: { "{" }decimal: ".", grouping: space{ "}" }`, wenn es 1 234.50 ist
MAY_BE_GROUPED_CURE = geben Sie in group.yaml an, wie Zahlen geschrieben sind, etwa `numbers: { "{" }decimal: ",", grouping: "."{ "}" }`
NOT_AS_GROUP_YAML = „{ $text }“ ist nicht so geschrieben, wie group.yaml es für Zahlen angibt
NOT_AS_GROUP_YAML_CURE = schreiben Sie „{ $decimal }“ vor die Nachkommastellen und keine Gruppierung, oder korrigieren Sie `numbers` in group.yaml
    .grouped = schreiben Sie „{ $decimal }“ vor die Nachkommastellen und „{ $grouping }“ zwischen die Tausender, oder korrigieren Sie `numbers` in group.yaml
    .spaced = schreiben Sie „{ $decimal }“ vor die Nachkommastellen und ein Leerzeichen zwischen die Tausender, oder korrigieren Sie `numbers` in group.yaml

## The bundle: people, accounts, aliases

SHORTENED_NUMBER = { $text } ist eine Nummer, die eine Tabellenkalkulation auf die ersten Ziffern gekürzt hat
EXPORT_AS_TEXT = exportieren Sie die Spalte als Text
EMPTY_SEGMENT = „{ $text }“ hat einen leeren Abschnitt
EMPTY_SEGMENT_CURE = schreiben Sie den Pfad mit einfachen Schrägstrichen, die Niederlassung zuerst, etwa East/Chat/Team 1
TOO_DEEP = er ist { $depth } Einheiten tief
TOO_DEEP_CURE = nennen Sie höchstens { $most } Einheiten, die Niederlassung zuerst
EMPLOYMENT_BACKWARDS = die Beschäftigung endet am { $left }, bevor sie am { $hired } beginnt
EMPLOYMENT_BACKWARDS_CURE = korrigieren Sie die Daten; left_on ist der letzte Arbeitstag
NO_PEOPLE = sie nennt keine Person{ $why }
NO_PEOPLE_CURE = fügen Sie für jede Person eine Zeile hinzu
NAMES_DIFFER = die Zeilen { $lines } haben die Nummer { $number } und unterscheiden sich im Namen
NAMES_DIFFER_CURE = geben Sie jeder Person eine eigene Nummer, oder schreiben Sie den Namen in allen Zeilen der Nummer gleich
ZONES_DIFFER = die Zeilen { $lines } haben die Nummer { $number } und unterscheiden sich in der Zeitzone
ZONES_DIFFER_CURE = schreiben Sie die Zeitzone in allen Zeilen der Nummer gleich: eine Person hat nur eine
EMPLOYMENTS_OVERLAP = die Zeilen { $lines } haben die Nummer { $number } und überschneiden sich: { $one } und { $other }
EMPLOYMENTS_OVERLAP_CURE = behalten Sie eine Zeile je Person, oder geben Sie jeder Beschäftigung eigene Tage: left_on ist ihr letzter
DAYS = { $from } bis { $to }
TWO_LINES = { $one } und { $other }
NO_END = ohne Ende
MOVED = { $before } bis { $until }; { $after } ab { $from }
NO_ACCOUNTS = sie nennt kein Konto{ $why }
NO_ACCOUNTS_CURE = fügen Sie für jedes Plattformkonto eine Zeile hinzu
ACCOUNT_ROWS_DIFFER = die Zeilen dieses Kontos unterscheiden sich in zone, team oder exclusive
ACCOUNT_ROWS_DIFFER_CURE = schreiben Sie sie in allen seinen Zeilen gleich
PHASES_ON_ONE_DAY = zwei Phasen dieses Kontos beginnen am selben Tag
PHASES_ON_ONE_DAY_CURE = geben Sie jeder Phase einen eigenen ersten Tag
SLASH_IN_NAME = „{ $text }“ enthält einen Schrägstrich
SLASH_IN_NAME_CURE = verwenden Sie in Plattformen, Shops und Konten keine Schrägstriche
NO_EMPLOYMENT_KIND = „{ $text }“ ist keine Beschäftigungsart
NO_EMPLOYMENT_KIND_CURE = schreiben Sie full_time, part_time, fixed_term, intern, agency, outsourced oder freelance, oder lassen Sie die Zelle leer
NO_CONTRIBUTORS = „{ $text }“ nennt keine Mitwirkenden
    .role = „{ $text }“ nennt keine Mitwirkenden: „{ $role }“ ist keine Rolle
    .twice = „{ $text }“ nennt { $named } doppelt
    .many = „{ $text }“ nennt mehr als die { $max } Mitwirkenden, die ein Vorgang haben darf
NO_CONTRIBUTORS_CURE = schreiben Sie Rolle=Personalnummer, mehrere mit ; dazwischen, mit den Rollen first_answer, closer und after_sales, etwa first_answer=A001;closer=A007
    .twice = lassen Sie eine der beiden Angaben weg: eine Person hat in einer Rolle einen Teil, auch wenn ein Alias aus aliases.csv und die Personalnummer dieselbe Person meinen
    .many = lassen Sie einige weg, höchstens { $max }
POLICY_SPLIT = geben Sie version an sowie first_answer, closer und after_sales in Prozent, die zusammen 100 ergeben
NO_PHASE = „{ $text }“ ist keine Phase
NO_PHASE_CURE = schreiben Sie shared, mixed oder named
CORRECT_THE_DATES = korrigieren Sie die Daten
ALIAS_IS_A_NUMBER = { $alias } ist die Personalnummer einer anderen Person
ALIAS_IS_A_NUMBER_CURE = Vorgänge damit würden als jene Person gelesen: benennen Sie den Alias um
ALIAS_OF_TWO = { $alias } steht zur selben Zeit für zwei Personen
ALIAS_TWICE = mehrere Zeilen geben { $alias } derselben Person für sich überschneidende Tage
ALIAS_OF_TWO_CURE = geben Sie jeder Zeile ihr from- und to-Datum ohne Überschneidung
DEVICE_OF_NOTHING = weder eine Personalnummer noch ein Arbeitsplatz sagt, wem das Gerät gehört
DEVICE_OF_BOTH = es gehört einer Person (employee_no) und einem Arbeitsplatz (seat)
DEVICE_OF_BOTH_CURE = schreiben Sie die Personalnummer oder den Arbeitsplatz, und lassen Sie das andere leer
DEVICE_TWICE = mehrere Zeilen geben { $device } ab demselben Tag derselben Person oder demselben Arbeitsplatz, mit verschiedenen Enden

## The bundle: whom and what a row means

NOT_IN_PEOPLE = { $number } steht nicht in people.csv
NOT_IN_PEOPLE_CURE = fügen Sie die Person zu people.csv hinzu, oder korrigieren Sie die Nummer
ROWS_OF_NUMBER_REJECTED = die Zeilen von { $number } in people.csv wurden zurückgewiesen
ROWS_OF_ACCOUNT_REJECTED = die Zeilen von { $account } in accounts.csv wurden zurückgewiesen
ROWS_OF_RECORD_REJECTED = die Zeilen des Vorgangs { $record } von { $account } in records.csv wurden zurückgewiesen
ROWS_OF_ALIAS_REJECTED = die Zeilen des Alias { $alias } auf { $platform } in aliases.csv wurden zurückgewiesen
ROWS_REJECTED_CURE = beheben Sie diese zuerst: jede steht mit Abhilfe in rejected.csv
NAME_FOR_NUMBER = { $text } ist ein Name, erwartet wird eine Nummer (ist { $near } gemeint?)
NAME_FOR_NUMBER_CURE = schreiben Sie die Personalnummer: Aliasse stehen nur in den Spalten agent und contributors von records.csv für eine
    .agent = schreiben Sie die Personalnummer, oder nennen Sie den Alias in aliases.csv
LOST_ZEROS = { $text } steht nicht in people.csv (ist { $near } gemeint?)
LOST_ZEROS_CURE = Tabellenkalkulationen lassen führende Nullen weg: exportieren Sie die Spalte als Text
GROUPED_NUMBER = { $text } steht nicht in people.csv (ist { $near } gemeint?)
GROUPED_NUMBER_CURE = eine Tabellenkalkulation hat die Ziffern gruppiert: exportieren Sie die Spalte als Text
ONE_OF_TWO = { $one } oder { $other }
SEVERAL_STORES = mehrere Shops haben ein Konto { $account }
SEVERAL_STORES_CURE = schreiben Sie es als Plattform/Shop/Konto
ACCOUNT_UNKNOWN_CURE = fügen Sie das Konto zu accounts.csv hinzu, oder korrigieren Sie seinen Namen
UNKNOWN_AGENT = { $agent } steht weder in people.csv noch ist es ein Alias auf { $platform }
ALIAS_NOT_THEN = der Alias { $agent } auf { $platform } gilt nicht am { $day }
UNKNOWN_AGENT_CURE = fügen Sie die Person zu people.csv oder den Alias zu aliases.csv hinzu, oder lassen Sie agent leer

## The bundle: records and duty

NO_RECORD_USABLE = sie enthält keinen verwendbaren Vorgang{ $why }
NO_RECORD_IN_PERIOD = kein Vorgang beginnt von { $from } bis { $to }{ $others }{ $why }
RECORDS_OUTSIDE =
    { " " }({ $count ->
        [one] { $count } liegt
       *[other] { $count } liegen
    } außerhalb)
NO_RECORDS_CURE = geben Sie die Daten an, in denen die Vorgänge liegen (--from und --to oder period in group.yaml), und beheben Sie zurückgewiesene Zeilen
OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } Vorgang beginnt
       *[other] { $count } Vorgänge beginnen
    } nicht von { $from } bis { $to } und { $count ->
        [one] wurde
       *[other] wurden
    } weggelassen (etwa { $example })
OBSERVATIONS_OUTSIDE =
    { $count ->
        [one] { $count } Beobachtung betrifft
       *[other] { $count } Beobachtungen betreffen
    } nicht Tage von { $from } bis { $to } und { $count ->
        [one] zählt
       *[other] zählen
    } in diesem Zeitraum nicht (etwa { $example })
NO_PERIOD = kein Vorgang sagt, welcher Zeitraum abgeschlossen wird
NO_PERIOD_CURE = geben Sie dessen Daten an (--from und --to oder period in group.yaml)
NO_RATE = „{ $text }“ ist kein Kurs
NO_RATE_CURE = schreiben Sie Ziffern mit höchstens einem Punkt, etwa 7.1234, mit höchstens { $places } Stellen danach und 18 insgesamt
RATE_NOT_ABOVE_0 = ein Kurs ist größer als 0
RATE_NOT_ABOVE_0_CURE = schreiben Sie, was eine Einheit der ersten Währung in der zweiten wert ist
RATE_OF_ONE_CURRENCY = es ist der Kurs einer Währung zu sich selbst
RATE_OF_ONE_CURRENCY_CURE = schreiben Sie in einer der beiden Spalten eine andere Währung
RATES_CONTRADICT = mehrere Zeilen sagen, was dieselben Währungen am selben Tag wert sind: { $rates }
POPULATION_WITHOUT_PEOPLE = population nennt niemanden, der von { $from } bis { $to } beschäftigt ist
POPULATION_WITHOUT_PEOPLE_CURE = schreiben Sie, was people.csv über die Gemeinten sagt, oder lassen Sie population weg ({ $said })
POPULATION_COLUMN = { $column }: { $words }
POPULATION_OF_NOBODY = niemand in people.csv hat { $column } „{ $word }“{ $hint }
TOO_MANY_REPLIES = sie hat mehr als { $most } Zeilen mit Nachrichten
TOO_MANY_RECORDS = der Zeitraum enthält mehr als { $most } Vorgänge
TOO_MANY_RECORDS_CURE = schließen Sie Niederlassungen oder Wochen einzeln ab
SEVERAL_MONTHS = ihre Vorgänge beginnen in { $count } Monaten ({ $months })
SEVERAL_MONTHS_CURE = geben Sie an, welche Tage abgeschlossen werden, etwa --from { $from } --to { $to }
RECORD_BACKWARDS = er endet am { $end }, bevor er am { $start } beginnt
RECORD_BACKWARDS_CURE = korrigieren Sie die Zeiten, oder vertauschen Sie die beiden Spalten
SHORTENED_ID_KEPT =
    in { $count ->
        [one] { $count } Zeile
       *[other] { $count } Zeilen
    } hat eine Tabellenkalkulation die Nummer auf die ersten Ziffern gekürzt (etwa { $example }): exportieren Sie sie als Text; unverändert übernommen
SHORTENED_CUSTOMER =
    in { $count ->
        [one] { $count } Zeile
       *[other] { $count } Zeilen
    } hat eine Tabellenkalkulation die Nummer auf die ersten Ziffern gekürzt (etwa { $example }): exportieren Sie sie als Text; als leer angenommen
VALUE_LOST_EMPTY =
    { $count ->
        [one] { $count } Zelle enthält
       *[other] { $count } Zellen enthalten
    }, was eine Tabellenkalkulation anstelle eines Werts anzeigt (etwa { $example }): als leer angenommen
VALUE_LOST_KEPT =
    { $count ->
        [one] { $count } Zelle enthält
       *[other] { $count } Zellen enthalten
    }, was eine Tabellenkalkulation anstelle eines Werts anzeigt (etwa { $example }): unverändert übernommen
NO_VALUE_TAKEN_AS_EMPTY =
    { $count ->
        [one] { $count } Zelle steht
       *[other] { $count } Zellen stehen
    } für keinen Wert (etwa { $example }): als leer angenommen
UNSEEN_LEFT_OUT =
    { $count ->
        [one] { $count } Zelle enthält
       *[other] { $count } Zellen enthalten
    } unsichtbare Zeichen: ohne sie gelesen (etwa { $example })
DECIMAL_TAKEN_AS_WHOLE =
    { $count ->
        [one] { $count } ganze Zahl ist
       *[other] { $count } ganze Zahlen sind
    } mit Nachkommastelle geschrieben: ohne sie gelesen (etwa { $example })
ZEROS_APART =
    { $count ->
        [one] { $count } Zeile hat eine Nummer
       *[other] { $count } Zeilen haben Nummern
    } (etwa { $example }), die andere Zeilen mit führenden Nullen schreiben: als andere Nummer angenommen; Tabellenkalkulationen lassen führende Nullen weg, exportieren Sie die Spalte daher als Text
CONTRIBUTORS_NOBODY =
    { $count ->
        [one] { $count } mitwirkende Person steht
       *[other] { $count } mitwirkende Personen stehen
    } am Tag des Vorgangs weder in people.csv noch in aliases.csv (etwa { $example }): die Vorgänge zählen, und die anderen Mitwirkenden erhalten den Teil; fügen Sie die Person zu people.csv oder den Alias zu aliases.csv hinzu, oder korrigieren Sie den Namen, und schließen Sie erneut ab
LONG_RECORDS =
    { $count ->
        [one] { $count } Vorgang dauert
       *[other] { $count } Vorgänge dauern
    } { $hours } Stunden oder länger (etwa { $example }): die Zeiten können die eines Falls sein, den niemand geschlossen hat
REPLY_WITHOUT_RECORD = { $account } hat in records.csv keinen Vorgang { $record }{ $hint }
    .elsewhere = { $account } hat in records.csv keinen Vorgang { $record }, { $other } dagegen schon
REPLY_WITHOUT_RECORD_CURE = fügen Sie den Vorgang zu records.csv hinzu (war seine Zeile nicht lesbar, steht sie in rejected.csv), oder korrigieren Sie das Konto oder die ID
REPLIES_ABOVE_MOST = der Vorgang { $record } von { $account } hat { $count } Nachrichten: die ersten { $most } werden übernommen, die übrigen { $rows } ab { $at } nicht
CLAIM_OF_BOTH = sie nennt den Vorgang { $record } und den Kunden { $customer }
CLAIM_OF_BOTH_CURE = behalten Sie eines davon; ohne beides beansprucht sie den nächsten Vorgang auf dem Konto
REPLIES_ABOVE_MOST_CURE = exportieren Sie den Vorgang erneut: so viele Nachrichten gehören zu mehreren Vorgängen unter einer ID
REPLIES_OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } Nachricht gehört
       *[other] { $count } Nachrichten gehören
    } zu Vorgängen, die nicht von { $from } bis { $to } beginnen, und { $count ->
        [one] wurde
       *[other] wurden
    } weggelassen (etwa { $example })
CLAIMS_OUTSIDE_PERIOD =
    { $count ->
        [one] { $count } Beanspruchung fällt
       *[other] { $count } Beanspruchungen fallen
    } nicht in { $from } bis { $to } und { $count ->
        [one] wurde
       *[other] wurden
    } weggelassen (etwa { $example })
RECORD_TOO_LONG = er dauert { $days } Tage, von { $start } bis { $end }
RECORD_TOO_LONG_CURE = korrigieren Sie die Daten: kein Vorgang dauert länger als { $most } Tage
NO_ROWS = sie hat eine Kopfzeile und keine Zeile darunter
NO_ROWS_CURE = exportieren Sie die Vorgänge des Monats erneut, mit ihren Zeilen
DUPLICATE_RECORD = diese externe ID kommt mehrmals mit demselben Inhalt vor: einmal übernommen ({ $count } weggelassen)
    .revised =
        diese externe ID kommt in mehreren Revisionen vor: { $revision } zählt ({ $count ->
            [one] { $count } Zeile einer früheren
           *[other] { $count } Zeilen früherer
        } weggelassen)
DUPLICATE_ROW_REVISED =
    kommt in mehreren Revisionen vor: { $revision } zählt ({ $count ->
        [one] { $count } Zeile einer früheren
       *[other] { $count } Zeilen früherer
    } weggelassen)
REFUND_PAYS_NOTHING = die Zeile verweist auf einen anderen Vorgang, ist also eine Erstattung, aber ihr Betrag ist nicht negativ
REFUND_PAYS_NOTHING_CURE = schreiben Sie den erstatteten Betrag mit einem Minus, oder lassen Sie refers_to leer
REVISED_TWICE = die Zeile nennt eine Revision und einen Änderungszeitpunkt
REVISED_TWICE_CURE = lassen Sie eines von beiden leer
NO_CURRENCY = „{ $text }“ ist keine Währung
NO_CURRENCY_CURE = schreiben Sie einen Code nach ISO 4217, etwa JPY, oder lassen Sie die Zelle für die Währung des Konzerns leer
NO_REVISION = „{ $text }“ ist keine Revision
NO_REVISION_CURE = schreiben Sie eine ganze Zahl ab 0, oder lassen Sie die Zelle leer
ID_TWICE_DIFFERENT = { $id } kommt in { $account } { $count }-mal mit verschiedenem Inhalt vor
ID_TWICE_SAME = { $id } kommt in { $account } { $count }-mal mit demselben Inhalt vor
ID_TWICE_CURE = behalten Sie die richtige Zeile, oder geben Sie jedem Vorgang eine eigene external_id
ID_TWICE_SHORTENED_CURE = eine Tabellenkalkulation hat die IDs auf die ersten Ziffern gekürzt: exportieren Sie die Spalte als Text
SHIFT_BACKWARDS = die Schicht endet am { $end }, nicht nach ihrem Beginn am { $start }
SHIFT_BACKWARDS_CURE = eine Nachtschicht endet am nächsten Tag: schreiben Sie dieses Datum
SECOND_OF_TWO =
    die Uhren wurden zurückgestellt, und das Ende von { $count ->
        [one] { $count } Zeile
       *[other] { $count } Zeilen
    } ist das zweite Mal, dass sie diese Zeit zeigten: das erste liegt vor dem Beginn (etwa { $example })
    .reply =
        die Uhren wurden zurückgestellt, und die Zeit von { $count ->
            [one] { $count } Nachricht
           *[other] { $count } Nachrichten
        } ist das zweite Mal, dass sie diese Zeit zeigten: das erste liegt nicht im Vorgang (etwa { $example })
FIRST_OF_TWO =
    die Uhren wurden zurückgestellt, und in { $count ->
        [one] { $count } Zeile
       *[other] { $count } Zeilen
    } ist eine zweimal gezeigte Zeit ohne Zeitverschiebung die erste der beiden (etwa { $example }): schreiben Sie die Zeitverschiebung dazu, um zu sagen, welche gemeint ist
LONG_SHIFT = die Schicht von { $start } bis { $end } ist nicht kürzer als { $hours } Stunden
LONG_SHIFT_CURE = korrigieren Sie ihre Zeiten; sind es mehrere Schichten, schreiben Sie für jede eine Zeile
SHIFT_ENDS_DIFFER = die Zeilen { $lines } sind die Schicht derselben Person auf demselben Konto ab { $start }, enden aber zu verschiedenen Zeiten ({ $one }, { $other })
SHIFT_SEATS_DIFFER = die Zeilen { $lines } sind die Schicht derselben Person auf demselben Konto ab { $start }, aber an verschiedenen Arbeitsplätzen
KEEP_THE_RIGHT_ROW = behalten Sie die richtige Zeile
PUNCH_BOTH_WAYS = in den Zeilen { $lines } stempelt { $number } zur selben Zeit ein und aus, am { $at }
HANDOVER_BOTH_WAYS = in den Zeilen { $lines } übernimmt { $number } { $account } und gibt es zur selben Zeit zurück, am { $at }
HANDOVERS_AT_ODDS = die Zeilen { $lines } sind Übergaben von { $account } zur selben Zeit, am { $at }, die nicht alle stattgefunden haben können
PUNCHES_ODD = eine ungerade Anzahl von Stempelungen: { $count }; die letzte, am { $at }, hat kein Gegenstück ({ $night })
PUNCHES_SINGLE = eine einzelne Stempelung, am { $at }, hat kein Gegenstück ({ $night })
PUNCHES_NIGHT = für eine Nacht braucht es rosters.csv oder ein cut_over in policy.yaml zu einer Stunde, in der niemand arbeitet
PUNCHES_BETWEEN = Stempelungen zwischen der ersten und der letzten werden weggelassen: { $count }
PUNCHES_ALONE = die Stempelung am { $at } hat kein Gegenstück und ergibt keine Anwesenheit: ergänzen Sie die fehlende
PUNCHES_LONG = eine Anwesenheit von mehr als 13 Stunden, von { $from } bis { $to }: ist es die Ruhezeit zwischen zwei Nächten, schreiben Sie kind oder rosters.csv
PUNCHES_AS_NIGHTS = Anwesenheiten über das Ende des Arbeitstags hinweg: { $count } (die erste von { $from } bis { $to }); nach Arbeitstagen wäre die Ruhezeit dazwischen Anwesenheit, und kind oder rosters.csv würden es sicher sagen
PUNCHES_EITHER_WAY = die Stempelungen von { $from } bis { $to } können Tage oder Nächte sein, da die erste und die letzte kein Gegenstück haben: als Tage angenommen; kind oder rosters.csv würden es sagen
NEITHER_WORD = „{ $text }“ ist weder { $one } noch { $other }
NEITHER_WORD_CURE = schreiben Sie { $one } oder { $other }
NO_SUBJECT_KIND = „{ $text }“ ist keine Art von Gegenstand
NO_SUBJECT_KIND_CURE = schreiben Sie eines von { $kinds }
UNIT_OF_NOBODY = { $unit } ist keine Einheit, zu der jemand aus people.csv oder ein Konto aus accounts.csv gehört{ $hint }
UNIT_OF_NOBODY_CURE = korrigieren Sie den Pfad der Einheit
STORE_UNKNOWN = kein Konto aus accounts.csv gehört zu { $store }{ $hint }
STORE_UNKNOWN_CURE = schreiben Sie Plattform und Shop wie in accounts.csv, mit / dazwischen
NEITHER_DAYS_NOR_TIME = sie nennt weder Tage noch einen Zeitpunkt
DAYS_AND_TIME = sie nennt sowohl Tage als auch einen Zeitpunkt
DAYS_AND_TIME_CURE = lassen Sie from und to leer, wenn es um einen Zeitpunkt geht, oder at, wenn es um Tage geht
NEITHER_DAYS_NOR_TIME_CURE = füllen Sie from (und to bei mehreren Tagen) oder at aus, eines von beiden
NO_KIND_OF_FINDING = diese Art von Auffälligkeit gibt es nicht
NO_KIND_OF_FINDING_CURE = löschen Sie die Datei: nur inputs/ eines Ergebnisses enthält sie
NO_COUNT = es ist keine Anzahl
DELETE_THE_FILE = löschen Sie die Datei

## The bundle: settings. A sentence goes on from the name of the setting

SETTING = { $path } { $problem }
SETTING_WRONG = ist falsch: { $reason }; { $cure }
SETTING_GROUPED = „{ $text }“ ist gruppiert, und Zahlen in YAML-Dateien sind es nicht, was auch immer `numbers` in group.yaml über Zellen sagt: schreiben Sie { $plain }
SETTING_GROUPED_OR_DECIMAL = „{ $text }“ kann gruppiert gemeint sein, und Zahlen in YAML-Dateien sind es nicht, was auch immer `numbers` in group.yaml über Zellen sagt: schreiben Sie { $plain }, oder { $decimal }, wenn das gemeint ist
SETTING_MISSING = fehlt
SETTING_NO_MAPPING = ist keine Zuordnung von Schlüsseln zu Werten
FILE_NO_MAPPING = die Datei ist keine Zuordnung von Schlüsseln zu Werten
SETTING_NO_TEXT = ist kein Text
SETTING_TEXT_LENGTH = ist leer oder länger als 200 Zeichen
SETTING_WITH_NUL = enthält das Zeichen NUL (U+0000): nehmen Sie es heraus
SETTING_NOT_ONE_OF = ist „{ $text }“, nicht eines von { $words }
SETTING_NO_DECIMAL = ist „{ $text }“, keine Dezimalzahl mit höchstens sechs Nachkommastellen
SETTING_NOT_BETWEEN = ist { $number }, keine Zahl von { $least } bis { $most }
SETTING_LOSSY_DECIMAL = ist „{ $text }“, eine Dezimalzahl, die so nicht erhalten bleibt: schreiben Sie sie in Anführungszeichen
SETTING_NO_WHOLE = ist „{ $text }“, keine ganze Zahl von { $least } bis { $most }
SETTING_NO_LIST = ist keine Liste
SETTING_PAIR_NO_TEXT = hat einen Schlüssel, der kein Text ist
SETTING_NO_VALUE = hat keinen Wert
SETTING_UNKNOWN_NEAR = ist kein bekannter Schlüssel (ist { $near } gemeint?)
SETTING_UNKNOWN = ist kein bekannter Schlüssel (bekannt sind { $known })
SETTING_EMPTY = ist leer
SETTING_NOT_ABOVE_0 = ist nicht größer als 0
SETTING_BELOW_0 = ist kleiner als 0
GROUP_CURRENCY = ist kein Code aus drei Großbuchstaben wie CNY
GROUP_CURRENCY_UNKNOWN = ist { $code }, keine gültige Währung nach ISO 4217: schreiben Sie eine wie CNY
GROUP_PERIOD_BACKWARDS = ist { $to } und liegt vor from, nämlich { $from }
GROUP_PERIOD_TOO_LONG = ergibt einen Zeitraum von { $days } Tagen, und höchstens { $most } werden auf einmal abgeschlossen: schließen Sie ihn in Teilen ab
GROUP_REGION = legt { $branch } in die Region { $region }: schreiben Sie 1 bis 32 Zeichen aus a-z, 0-9 und -, etwa cn-east
GROUP_SAME_SIGN = ist dasselbe Zeichen wie decimal
POLICY_CUT_OVER = ist keine Uhrzeit von "00:00" bis "11:59" in Anführungszeichen
SCHEME_WEIGHTS = haben Gewichte, die { $sum } ergeben, nicht 100
SCHEME_ID_TAKEN = ist bereits bei einem früheren KPI vergeben
SCHEME_WEIGHT = ist nicht größer als 0: lassen Sie den KPI stattdessen weg
SCHEME_CAP = ist { $cap } und liegt nicht über der Untergrenze { $floor }
SCHEME_RANGE = liegt mehr als { $most } über der Untergrenze { $floor }
SCHEME_SMALL_SAMPLE = ist nur bei Anteilen und Mittelwerten sinnvoll: lassen Sie es weg
SCHEME_OF_RECORDS = ist bei der Messgröße records nicht sinnvoll
SCHEME_OF_UNDEFINED = nennt die Messgröße „{ $measure }“, die nicht unter measures steht{ $hint }
SCHEME_OF_MISSING = fehlt: es nennt die zu messende Spalte
SCHEME_OF_RESOLVED = ist eine Ja/Nein-Spalte; sie hat einen Anteil, aber weder Summe noch Mittelwert
SCHEME_TEST_MISSING = ist unvollständig: at_most oder at_least sagt, welche Vorgänge zählen
SCHEME_TEST_USELESS = ist nicht schlüssig: at_most und at_least sind hier nicht sinnvoll
SCHEME_MEASURES_TEXT = { $kpi } misst { $column }, eine Spalte mit Text
    .cell = Zeile { $line }: { $reason }
    .odd =
        { $kpi } misst { $column }, eine Textspalte, da { $count ->
            [one] eine Zelle keine Zahl ist
           *[other] { $count } Zellen keine Zahlen sind
        }: { $cells }
SCHEME_MEASURES_NOTHING = { $kpi } misst { $column }, was keine Spalte mit Werten in records.csv ist{ $hint }
SCHEME_MEASURES_CURE = nennen Sie eine Zahlenspalte in records.csv
    .odd = korrigieren Sie die Zellen, oder nennen Sie eine Zahlenspalte in records.csv
SCHEME_MEASURES_UNCOMPUTED = { $path } (KPI { $kpi }) misst etwas, das nicht berechnet wird
MEASURE_UNKNOWN_CURE = messen Sie die Anzahl der Vorgänge, den Anteil resolved, den Anteil mit first_reply_seconds at_most 30, den Anteil mit rating at_least 4, die Summe von amount, den Mittelwert einer zusätzlichen Spalte oder alles andere als eine Messgröße, die die Datei unter measures definiert
POOL_CURRENCY = ist { $currency }, die Beträge des Konzerns sind aber in { $group }
POOL_BELOW_0 = ist negativ: schreiben Sie das zu verteilende Geld, größer als 0
POOL_ZERO = ist 0: lassen Sie die Datei weg, wenn nichts zu verteilen ist
POOL_SHARES = hat Anteile, die { $sum } ergeben, nicht 100
POOL_SHARE = ist nicht größer als 0: lassen Sie den Teil stattdessen weg
POOL_TIERS_ELSEWHERE = ist nur mit by: tiers sinnvoll
POOL_TIERS_MIXED = mischen top_percent und at_least: verwenden Sie in allen Staffeln eines davon
POOL_TIERS_PERCENT = haben top_percent, die { $sum } ergeben, nicht 100
POOL_TIERS_RISE = haben at_least, die nicht von Staffel zu Staffel fallen
POOL_TIERS_WEIGHTS_RISE = haben ein Gewicht über dem einer besseren Staffel: schreiben Sie die beste Staffel zuerst, jede mit höchstens dem Gewicht der vorigen
POOL_TIERS_WEIGHTLESS = haben nur Gewichte von 0
POOL_TIER_RULE = oder at_least ist nötig, und nur eines von beiden
POOL_TIER_NAME_TAKEN = ist bereits bei einer früheren Staffel vergeben
POOL_PERCENT_TOO_FINE = ist { $percent }: schreiben Sie einen Prozentsatz mit höchstens vier Nachkommastellen
POOL_TIER_WEIGHT = liegt über 1000000
POOL_SHARE_TOO_FINE = { $percent } % hat mehr als vier Nachkommastellen
POOL_SHARE_TOO_FINE_CURE = schreiben Sie Anteile und Quoten mit höchstens vier Nachkommastellen
OTHER_PERIOD = er ist für { $from } bis { $to }, abgeschlossen wird aber { $closed_from } bis { $closed_to }
OTHER_PERIOD_CURE = korrigieren Sie period, oder lassen Sie period weg
POOL_IN_EMPTY_PERIOD = er hat Geld, aber niemand in people.csv ist von { $from } bis { $to } beschäftigt
POOL_WITHOUT_PEOPLE_CURE = korrigieren Sie hired_on und left_on, oder lassen Sie den Bonuspool weg
SAVE_FILE_AS_UTF_8 = speichern Sie die Datei als UTF-8
JOINED = { $one }{ $other }

## The command line: what cannot be done

STEP_FAILED = Schritt: { $step }
NOBODY_CREDITED_AT_ALL = bei keinem ihrer Vorgänge war jemand im Dienst, und keiner nennt seine Servicekraft
    .people =
        { $rows ->
            [one] { $rows } Zeile wurde zurückgewiesen
           *[other] { $rows } Zeilen wurden zurückgewiesen
        }, und von den übrigen Personen war bei keinem Vorgang jemand im Dienst
    .duty =
        bei keinem ihrer Vorgänge war jemand im Dienst, und { $rows ->
            [one] { $rows } Zeile mit Dienstplänen, Stempelungen oder Übergaben wurde zurückgewiesen
           *[other] { $rows } Zeilen mit Dienstplänen, Stempelungen oder Übergaben wurden zurückgewiesen
        }
NOBODY_EMPLOYED =
    zwischen { $from } und { $to } ist niemand beschäftigt: { $people ->
        [one] { $people } Person wurde gelesen
       *[other] { $people } Personen wurden gelesen
    }, { $rejected ->
        [0] und keine Zeile wurde zurückgewiesen
        [one] und { $rejected } Zeile wurde zurückgewiesen
       *[other] und { $rejected } Zeilen wurden zurückgewiesen
    }
NOBODY_EMPLOYED_CURE = korrigieren Sie hired_on und left_on oder den Zeitraum
RECORD_RATE_MISSING_CURE = schreiben Sie den Kurs dieses oder eines früheren Tages mit seiner Quelle in rates.csv (Spalten date, from, to, rate, source)
NOBODY_CREDITED_CURE = fügen Sie rosters.csv, punches.csv oder handovers.csv dieser Tage hinzu, oder korrigieren Sie deren Konten und Zeiten
    .rejected = beheben Sie zuerst diese Zeilen: jede steht mit Abhilfe in rejected.csv
OUT_NOT_EMPTY = der Ergebnisordner ist nicht leer
OUT_IN_USE = ein anderer Lauf schreibt gerade sein Ergebnis dorthin
OUT_NOT_EMPTY_CURE = geben Sie mit --out einen anderen an, oder entfernen Sie ihn zuerst
BUNDLE_NOT_EMPTY = der Ordner ist nicht leer
BUNDLE_NOT_EMPTY_CURE = geben Sie mit --bundle einen anderen an, oder entfernen Sie ihn zuerst
CLOSE_INTERRUPTED = Sie haben den Lauf angehalten: in { $folder } ist nichts davon geblieben, und derselbe Befehl beginnt von vorn
FINDINGS_ARE_IN = { $file } sagt, was aufgefallen ist
REJECTED_ROWS_ARE_IN = { $file } nennt jede zurückgewiesene Zeile
REJECTED_ROWS_UNWRITTEN = einige Zeilen wurden zurückgewiesen, und { $file } konnte nicht geschrieben werden
STORE_IN_USE = ein anderer tally-Prozess arbeitet mit den Daten in { $folder }, und einen SQLite-Datenspeicher nutzt immer nur einer: beenden Sie jenen Prozess, oder geben Sie mit --set database.url=sqlite://FOLDER/{ "{" }service{ "}" }.db andere Daten an
CURE_AND_REJECTED = { $cure }; { $file } nennt jede zurückgewiesene Zeile
NOT_IN_MONTH = in diesem Monat gibt es weder einen Vorgang noch eine Person { $what }: nennen Sie eine external_id aus records.csv, etwa { $record }, oder eine employee_no oder einen Namen aus people.csv, etwa { $person }
NO_MANIFEST = er enthält keine manifest.json, ist also kein Ergebnisordner
MANIFEST_DOUBLE = sie nennt die Datei { $file } doppelt
MANIFEST_ELSEWHERE = sie nennt die Datei { $file }, die keine Datei des Ordners ist
NO_MANIFEST_CURE = geben Sie einen Ordner an, den tally close geschrieben hat (mit --out)
BAD_MANIFEST = { $error }
RESTORE_FOLDER_CURE = stellen Sie den Ordner von dort wieder her, wo er aufbewahrt wurde
SUITE_NAMES_ANOTHER_PERSON = die Suite nennt eine Person { $id }, die das Datenpaket nicht enthält: ein Fehler auf unserer Seite
SUITE_NAMES_ANOTHER_ACCOUNT = die Suite nennt ein Konto { $id }, das das Datenpaket nicht enthält: ein Fehler auf unserer Seite
SUITE_LISTS_LESS = die Suite listet nicht auf, was gerade geschrieben wurde: ein Fehler auf unserer Seite
CYCLE_WATCH_ENDED = der Dienst hat vor dem Abschluss des Zyklus aufgehört, darüber zu berichten: wiederholen Sie es
RECORDS_DO_NOT_ADD_UP =
    { $sent ->
        [one] { $sent } Vorgang ging
       *[other] { $sent } Vorgänge gingen
    } hinein, der Zyklus zählt { $counted }, und { $told } kamen heraus: ein Fehler auf unserer Seite
CANNOT_MAKE_FOLDER = der Ordner { $folder } kann nicht angelegt werden: { $error }
CANNOT_READ = { $file } kann nicht gelesen werden: { $error }
CANNOT_WRITE = { $file } kann nicht geschrieben werden: { $error }
IO_NOT_FOUND = nicht vorhanden
IO_PERMISSION_DENIED = dieser Benutzer darf das nicht
IO_ALREADY_EXISTS = bereits vorhanden: geben Sie etwas anderes an, oder verschieben Sie es zuerst
IO_IS_A_FOLDER = es ist ein Ordner
IO_NOT_A_FOLDER = ein Teil des Pfads ist kein Ordner
IO_FOLDER_NOT_EMPTY = der Ordner ist nicht leer
IO_DISK_FULL = der Datenträger ist voll
IO_READ_ONLY = der Datenträger ist schreibgeschützt
IO_ADDRESS_IN_USE = dort lauscht bereits ein anderes Programm
IO_ADDRESS_NOT_HERE = dieser Rechner hat keine solche Adresse
IO_NOT_TEXT = es ist kein UTF-8-Text
IO_NOBODY_LISTENS = dort lauscht niemand
IO_NO_ANSWER = es kam rechtzeitig keine Antwort
IO_NO_WAY_THERE = von diesem Rechner führt kein Weg dorthin
IO_NO_SUCH_HOST = kein Host hat diesen Namen
IO_FOLDER_CLOSED = in seinen Ordner darf nicht geschrieben werden
TLS_SAYS = die TLS-Bibliothek sagt: { $cause }
SERVER_SAYS = er sagt: { $cause }
IO_OTHER = das System sagt: { $cause }
CURE_ALREADY_DIFFERENT = korrigieren Sie die Zeile, wenn die Suite recht hat; stimmt die Zeile, korrigieren Sie den Sachverhalt in der Suite: ein Import überschreibt nichts
CURE_DIFFERENT_CONTENT = korrigieren Sie die Zeile, wenn die Suite recht hat, oder geben Sie ihr eine höhere Revision, wenn die Zeile stimmt: ohne eine solche überschreibt ein Import nichts
CURE_REFERS_TO_NOTHING = importieren Sie zuerst den Vorgang, auf den sie verweist, oder korrigieren Sie refers_to
CURE_PERSON_UNKNOWN = fügen Sie die Person zu people.csv hinzu, und importieren Sie erneut
CURE_ACCOUNT_UNKNOWN = fügen Sie das Konto zu accounts.csv hinzu, und importieren Sie erneut
CURE_ALIAS_OVERLAP = beenden Sie eine Bedeutung des Alias (Spalte to), bevor die andere beginnt
CURE_PLACE_WRONG = korrigieren Sie das Team in accounts.csv oder die Region seiner Niederlassung in group.yaml
CURE_OUT_OF_REACH = lassen Sie die Zeile von jemandem importieren, dessen Rechte bis zu ihrem Team reichen, das möglicherweise in eine andere Niederlassung gewechselt ist, oder nehmen Sie sie heraus
CURE_RECORD_OUT_OF_REACH = lassen Sie die Zeile von denen importieren, die das Team des Kontos an ihrem Tag hatten, oder vom Konzern
CURE_REPLY_RECORD_UNKNOWN = importieren Sie den Vorgang mit seinen Nachrichten, oder lassen Sie sie von jemandem importieren, der Vorgänge seines Tages importieren darf
CURE_CLAIM_WITHDRAWN = nehmen Sie die Zeile heraus: sie wurde mit Begründung zurückgenommen
CURE_ROWS_CONTRADICT = behalten Sie die richtige Zeile, und importieren Sie erneut
CURE_KEPT_BACK = korrigieren Sie zuerst, was diese Datei über jene Zeile sagt, oder lassen Sie sie von jemandem importieren, dessen Rechte dorthin reichen, und importieren Sie dann erneut: diese kommt mit ihr hinein
CURE_PERIOD_PURGED = lassen Sie zuerst Daten dieser Monate länger aufbewahren (SetRetention, höchstens 120 Monate), und importieren Sie dann erneut, oder nehmen Sie die Zeile heraus
CURE_REFUSED_ROW = korrigieren Sie das Genannte, und importieren Sie erneut: übernommene Zeilen gelten als bereits vorhanden
    .file = korrigieren Sie das Genannte, oder nehmen Sie die Zeile heraus

## Settings and arguments

SETTING_CANNOT_HOLD = Einstellung { $key }: { $problem }
SETTING_SET_IN = { $problem } ({ $place })
SETTING_IN_FILE = gesetzt in der Datei { $file }
SETTING_IN_VARIABLE = gesetzt durch die Umgebungsvariable { $name }
SETTING_ON_COMMAND_LINE = gesetzt auf der Kommandozeile
SETTING_NOT_KNOWN = diese Einstellung gibt es nicht; an dieser Stelle gibt es { $known }
SETTING_EXPECTED = sie ist { $found }, erwartet wird { $expected }
    .alone = erwartet wird { $expected }
SETTINGS_NOT_TOML = die Datei ist kein TOML: prüfen Sie, ob jede Zeile [SECTION] oder KEY = VALUE ist
    .at = ab Zeile { $line }, Spalte { $column } ist die Datei kein TOML: prüfen Sie, ob jede Zeile [SECTION] oder KEY = VALUE ist und Texte in Anführungszeichen stehen
SETTING_FILE_MISSING = die Datei { $file } gibt es nicht
SETTING_FILE_EMPTY = { $file } ist leer
SETTING_SERVICE_UNKNOWN = den Dienst { $name } gibt es nicht; es gibt { $known }
SETTING_SERVICES_NONE = nennen Sie mindestens einen von { $known }
SETTING_PEER_MISSING = { $name } ist nicht in diesem Prozess (server.services): geben Sie an, wo er ist, https://host:port
SETTING_AT_LEAST_ONE = erwartet wird mindestens 1
SETTING_AT_MOST = erwartet wird höchstens { $most }
SETTING_SERVICE_TWICE = { $name } ist doppelt genannt: nennen Sie jeden Dienst einmal
SETTING_DATABASE_URL = erwartet wird sqlite://DIRECTORY/{ "{" }service{ "}" }.db oder postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_SERVICE_IN_URL = jeder Dienst hat eine eigene Datei: schreiben Sie { "{" }service{ "}" } in ihren Namen, sqlite://DIRECTORY/{ "{" }service{ "}" }.db, oder sqlite:///DIRECTORY/{ "{" }service{ "}" }.db für einen Ordner, der mit / beginnt
    .role = jeder Dienst meldet sich mit einer eigenen Rolle an: schreiben Sie tally_{ "{" }service{ "}" } als Rolle, postgres://tally_{ "{" }service{ "}" }:PASSWORD@HOST/DATABASE
SETTING_PEER_IN_CLEAR = { $address } liegt außerhalb des Loopbacks: erwartet wird https://host:port
SETTING_HTTP_IN_CLEAR = { $ip } liegt außerhalb des Loopbacks, und das Gateway spricht kein TLS: lassen Sie es auf dem Loopback hinter einem Proxy lauschen, der TLS spricht, oder setzen Sie server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay, wenn das Netz selbst verschlüsselt
SETTING_NO_NETWORK = „{ $text }“ ist kein Netz: schreiben Sie eine Adresse mit der Länge ihres Präfixes, etwa 10.0.0.0/8
SETTING_NO_ORIGIN = „{ $text }“ ist kein Origin: schreiben Sie Schema und Host in Kleinbuchstaben ohne Pfad, etwa https://hr.example, oder * für alle
SETTING_CERTIFICATE_AND_KEY = ein Zertifikat und sein Schlüssel gehören zusammen: setzen Sie beide oder keines
SETTING_LISTEN_IN_CLEAR = { $ip } liegt außerhalb des Loopbacks: setzen Sie server.tls_certificate und server.tls_key
SETTING_KEYS_GENERATED = { $ip } liegt außerhalb des Loopbacks, wo erzeugte Schlüssel nicht genügen: geben Sie einen Ordner an
SETTING_PASSPHRASE_TWICE = keys.passphrase ist ebenfalls gesetzt: setzen Sie eines von beiden
SETTING_LOG_LEVELS = „{ $part }“ ist weder eine Stufe ({ $levels }) noch MODULE=LEVEL, etwa tally_store=debug; mehrere werden durch Kommas getrennt
SETTING_AUTHORITY_ALONE = sie sagt, wer die Zertifikate der Aufrufer signiert, und dieser Server spricht kein TLS: setzen Sie auch server.tls_certificate und server.tls_key
SETTING_NO_CERTIFICATE = die Datei { $file } enthält kein lesbares Zertifikat: geben Sie eine PEM-Datei mit -----BEGIN CERTIFICATE----- an
SETTING_NO_PRIVATE_KEY = die Datei { $file } enthält keinen lesbaren privaten Schlüssel: geben Sie eine PEM-Datei mit -----BEGIN PRIVATE KEY----- an, keine verschlüsselte
SETTING_KEY_OF_ANOTHER = der private Schlüssel in { $file } gehört nicht zum Zertifikat in { $certificate }: geben Sie den Schlüssel an, für den dieses Zertifikat ausgestellt wurde
SETTING_CERTIFICATE_OVER = das Zertifikat in { $file } ist abgelaufen: es galt bis { $until }, und die Uhr dieses Rechners zeigt { $now }. Holen Sie ein neues bei der Stelle, die es signiert hat; geht die Uhr falsch, stellen Sie sie richtig
    .early = das Zertifikat in { $file } gilt noch nicht: es beginnt am { $from }, und die Uhr dieses Rechners zeigt { $now }. Geht die Uhr falsch, stellen Sie sie richtig; sonst warten Sie, oder geben Sie das vorige Zertifikat an
SETTING_CERTIFICATE_OF_ANOTHER = das Zertifikat in { $file } ist nicht von der Stelle in { $authority } signiert, an der dieser Prozess und die von ihm aufgerufenen Dienste (peers) einander erkennen: geben Sie die Stelle an, die es signiert hat, oder ein Zertifikat, das diese signiert hat
SETTING_REDIS_URL = erwartet wird redis://HOST:PORT oder für TLS rediss://HOST:PORT; ein Passwort steht vor dem Host, redis://:PASSWORD@HOST:PORT
SETTING_ENDPOINT = erwartet wird die Adresse eines Kollektors, etwa http://127.0.0.1:4317
SAMPLE_NEEDS_ALL = --sample braucht alle Dienste in einem Prozess, und { $name } ist nicht genannt
EXPECT_ADDRESS = eine Adresse mit Port, etwa 127.0.0.1:7070
EXPECT_ONE_OF = eines von { $words }
EXPECT_WHOLE_NUMBER = eine ganze Zahl
    .to = eine ganze Zahl von 0 bis { $most }
EXPECT_TRUE_OR_FALSE = true oder false
EXPECT_TEXT = ein Text
EXPECT_LIST = eine Liste, etwa ["a", "b"] oder a,b
EXPECT_OTHER = eine andere Art von Wert
EXPECT_UUID = eine UUID
EXPECT_DATE = ein Datum, etwa 2026-03-31
EXPECT_INSTANT = ein Zeitpunkt mit Zeitverschiebung, etwa 2026-03-31T09:00:00+08:00
EXPECT_FROM_TO = { $from } bis { $to }
ARG_VALUE_WRONG = { $arg }: „{ $value }“ ist nicht verwendbar; erwartet: { $expected }
ARG_WITHOUT_VALUE = { $arg } braucht einen Wert
ARG_VALUES_WRONG = { $arg }: es wird eine andere Anzahl von Werten erwartet
ARG_UNKNOWN = das Argument { $arg } gibt es nicht
    .near = das Argument { $arg } gibt es nicht; ist { $near } gemeint?
COMMAND_UNKNOWN = den Befehl { $name } gibt es nicht
    .near = den Befehl { $name } gibt es nicht; ist { $near } gemeint?
COMMAND_MISSING = geben Sie einen Befehl an: { $known }
ARG_MISSING = es fehlt: { $arg }
ARG_CONFLICT = { $arg } lässt sich nicht mit { $other } kombinieren
ARG_NOT_TEXT = ein Argument ist kein UTF-8-Text
ARG_USAGE = geben Sie ein: { $usage } (--help sagt mehr)

## The command line: pages

SHOW_NOT_DONE = Nicht erledigt
SHOW_NOT_DONE_STEP = { $step }: { $why }
SHOW_REST_IS_THERE = Alles davor liegt im Ergebnisordner; ist die Ursache behoben, erledigt derselbe Befehl mit einem anderen --out auch den Rest.
RUNG_TAG = von der Plattform genannt
RUNG_HANDOVER = hatte das Konto laut Übergabe
RUNG_SOLE = allein im Dienst
RUNG_INFERRED = abgeleitet daraus, wer wann beschäftigt war
RUNG_EQUAL = zu gleichen Teilen unter den Diensthabenden
RUNG_SPLIT = auf Mitwirkende aufgeteilt
RUNG_CLAIM = per Klick beansprucht
RUNG_DEVICE = nach dem Gerät
RUNG_REPLIES = nach den Zeiten der Antworten gewichtet
RUNG_TAG_SHARE = nach Namen in der Nähe gewichtet
RUNG_TEAM = vom Team geteilt, sonst nichts bekannt
RUNG_UNATTRIBUTED = niemandem zugerechnet
STEP_DUTY = Personen, Konten, Dienste
STEP_RECORDS = Vorgänge
STEP_REPLIES = Nachrichten der Vorgänge
STEP_CLAIMS = die Beanspruchungen
STEP_RATES = die Wechselkurse
STEP_OBSERVATIONS = die Beobachtungen
STEP_CYCLE = Zurechnung und Punktzahlen
STEP_PUBLISH = Veröffentlichung
STEP_SETTLEMENT = Abrechnung
STEP_CREDITS = Anteile
STEP_TOTALS = Summen
STEP_CARDS = Scorecards
STEP_STATEMENTS = Entgeltnachweise
STEP_FINDINGS = Auffälligkeiten
STEP_INPUTS = Eingaben
PROGRESS_READING = liest
PROGRESS_MAKING = erzeugt einen Monat
PROGRESS_COUNTING = zählt
PROGRESS_ROWS = Zeilen
KIND_MISSING_PUNCH = ein Kommen ohne Gehen oder umgekehrt
KIND_UNCOVERED_SHIFT = eingeplant und an diesem Tag nur zu anderen Zeiten gestempelt: die Schicht zählt nicht
KIND_BARELY_COVERED_SHIFT = eingeplant und an diesem Tag für eine andere Schicht gestempelt: von dieser zählt höchstens der Rand
KIND_HELD_BY_OTHERS = eingeplant, aber laut Übergabe hatten nur andere das Konto: die Schicht zählt nicht
KIND_NOT_EMPLOYED = eine Schicht, Stempelung oder Belegung von jemandem, der dann nicht beschäftigt ist
KIND_DOUBLE_IN = zweimal eingestempelt: das zweite Mal zählt
KIND_OVERLAP = mehrere Personen haben ein Konto zugleich belegt
KIND_MISSING_RELEASE = ein Konto übernommen und nie zurückgegeben
KIND_RELEASE_WITHOUT_TAKE = ein Konto zurückgegeben, ohne es zu haben
KIND_UNHELD_ACCOUNT = für ein Konto oder einige seiner Vorgänge war niemand im Dienst
KIND_NO_DUTY_EVIDENCE = kein Dienstplan, keine Stempelung, keine Übergabe: das ganze Team gilt als im Dienst
KIND_NOT_SETTLED = der Bonuspool konnte nicht verteilt werden
KIND_ODD_PUNCHES = eine ungerade Anzahl von Stempelungen am Tag: die letzte hat kein Gegenstück
KIND_SINGLE_PUNCH = eine einzelne Stempelung am Tag hat kein Gegenstück
KIND_PUNCHES_BETWEEN = Stempelungen zwischen der ersten und der letzten eines Tages wurden weggelassen
KIND_LONG_PRESENCE = eine Anwesenheit von mehr als 13 Stunden aus Stempelungen ohne Richtung
KIND_READ_AS_NIGHT = Stempelungen ohne Richtung, die als Nächte gelesen wurden
KIND_DAY_OR_NIGHT = Stempelungen ohne Richtung, die Tage oder Nächte sein können: als Tage angenommen
KIND_TAG_OFF_DUTY = ein Vorgang nennt jemanden außer Dienst; der Name zählt
KIND_NAMED_WITHOUT_AGENT = der Vorgang eines persönlichen Kontos nennt niemanden
KIND_MIXED_WITHOUT_TAG = Vorgänge eines gemischten Kontos ohne Namen
KIND_TOO_FEW_TO_INFER = zu wenige Vorgänge für eine Ableitung: zu gleichen Teilen
KIND_SEVERAL_AT_ONCE = mehrere Dialoge zugleich unterscheiden Personen zu wenig: zu gleichen Teilen
KIND_TOO_FEW_REPLIES = zu wenige Antworten je Person, um sie zu unterscheiden: zu gleichen Teilen
KIND_REPLIES_TOO_DENSE = Antworten zu dicht, um Personen nach Zeiten zu unterscheiden: zu gleichen Teilen
KIND_EVIDENCE_UNEVEN = der gekennzeichnete Anteil ist von Person zu Person sehr verschieden: gewichtet danach, was jede Person offenlässt
KIND_CLOCK_WITHOUT_SECONDS = die Uhr der Antworten hat keine Sekunden: zu gleichen Teilen
KIND_CLAIM_OFF_DUTY = die Beanspruchung einer Person, die nicht im Dienst war, zählt nicht
KIND_CLAIM_WITHOUT_RECORD = die Beanspruchung eines Dialogs, der nie ankam
KIND_CLAIMS_DIFFER = mehrere Personen beanspruchen einen Vorgang, oder er nennt eine andere
KIND_DEVICE_OFF_DUTY = das Gerät einer Person, die nicht im Dienst war, zählt nicht
KIND_DEVICE_OF_SEVERAL = ein Gerät mehrerer Personen zugleich zählt nicht
KIND_DEVICE_OF_NOBODY = ein Gerät wurde benutzt, als es niemandem gehörte: falsch geschrieben, an einem Arbeitsplatz ohne Dienstplan oder für andere Tage zugeordnet
KIND_EVIDENCE_NOT_READ = Beanspruchungen, Geräte oder Nachrichtenzeiten, die diese Version der Richtlinie nicht liest
KIND_REPLY_OUTSIDE_RECORD = Antworten vor oder nach ihrem Vorgang zählen nicht
KIND_BREAKS_NOT_PUNCHED = Stunden ununterbrochenen Dienstes ohne jede Arbeit: Pausen, die niemand gestempelt hat
KIND_CLOCKS_APART = Nachrichten nach einer Uhr, die Minuten von der ihrer Vorgänge abweicht, nach letzterer gelesen
KIND_DID_NOT_SETTLE = die Ableitung kam zu keinem stabilen Ergebnis: zu gleichen Teilen
KIND_CONTRIBUTOR_UNKNOWN = ein Vorgang nennt eine unbekannte mitwirkende Person
KIND_CONTRIBUTOR_OFF_DUTY = ein Vorgang nennt eine mitwirkende Person außer Dienst; der Name zählt
KIND_CONTRIBUTORS_NOT_SPLIT = Vorgänge nennen Mitwirkende, und die Richtlinie teilt sie nicht auf
KIND_UNKNOWN_AGENT = ein Vorgang nennt jemand Unbekannten
KIND_AMOUNTS_CONVERTED = Beträge wurden aus einer anderen Währung umgerechnet
KIND_CONVERTED_ENCODING = eine Datei war GBK oder UTF-16 und wurde umgewandelt
KIND_CONVERTED_SEPARATOR = Spalten waren mit Tabulatoren oder Semikolons getrennt
KIND_MISSING_COLUMN = eine Spalte fehlt: nichts davon wird gemessen
KIND_UNKNOWN_COLUMN = diese Spalte wird von nichts gelesen; vielleicht falsch geschrieben
KIND_UNKNOWN_FILE = diese Datei wird von nichts gelesen; vielleicht falsch geschrieben
KIND_EMPTY_FILE = eine optionale Datei ist leer
KIND_DUPLICATE_RECORD = derselbe Vorgang mehrmals: einmal übernommen
KIND_DUPLICATE_ROW = dieselbe Zeile mehrmals: einmal übernommen
KIND_OUTSIDE_PERIOD = Vorgänge außerhalb des Zeitraums wurden samt ihren Nachrichten weggelassen, ebenso Beanspruchungen außerhalb; Beobachtungen außerhalb zählen nicht
KIND_DAMAGED_ID = IDs, Kunden oder andere Werte, die eine Tabellenkalkulation beschädigt haben kann
KIND_HOUR_TWICE = die Uhren wurden zurückgestellt: eine Stunde kam doppelt vor
KIND_NO_VALUE = Zellen, die für keinen Wert stehen, wurden als leer angenommen
KIND_CLEANED_CELL = Zellen wurden ohne unsichtbare Zeichen oder ohne eine vom Export hinzugefügte Nachkommastelle gelesen
KIND_LONG_RECORD = Vorgänge dauern einen Tag oder länger
KIND_REPLIES_TOO_MANY = ein Vorgang hat mehr Nachrichten, als einer haben kann
KIND_POPULATION_OF_NOBODY = der Personenkreis nennt eine Position oder Stufe, die niemand hat
KIND_TRANSFER = jemand arbeitet in einer anderen Einheit, Position oder Stufe weiter
KIND_REHIRE = jemand schied aus und kam zurück
KIND_TEAM_WITHOUT_PEOPLE = das Team eines Kontos hat keine Personen
KIND_BRANCH_WITHOUT_PEOPLE = eine Niederlassung hat keine Personen
KIND_MEASURE_NOT_SENT = niemand hat Daten einer Messgröße: ihre Kennzahl zählt für niemanden
KIND_OBSERVATIONS_BEYOND_PERIOD = Beobachtungen reichen über den Zeitraum hinaus: sie zählen nicht
KIND_OBSERVATIONS_UNREAD = keine Kennzahl liest die Messgröße von Beobachtungen; vielleicht falsch geschrieben
KIND_REFUND_EXCEEDS_SALE = Erstattungen sind größer als ihr Verkauf
SHOW_HEADLINE = { $group }, { $from } bis { $to }
SHOW_SIZE =
    { $records ->
        [one] { $records } Servicevorgang
       *[other] { $records } Servicevorgänge
    } auf { $accounts ->
        [one] { $accounts } Konto
       *[other] { $accounts } Konten
    }, { $people ->
        [one] { $people } Person
       *[other] { $people } Personen
    }
SHOW_REJECTED =
    { $count ->
        [one] { $count } Zeile wurde zurückgewiesen: rejected.csv sagt, warum und was zu ändern ist
       *[other] { $count } Zeilen wurden zurückgewiesen: rejected.csv sagt, welche, warum und was zu ändern ist
    }
SHOW_NOT_SPLIT = Der Bonuspool wurde nicht verteilt
SHOW_SCORES_KEPT = Anteile, Scorecards und Auffälligkeiten sind vollständig; korrigieren Sie dies, und schließen Sie den Monat erneut ab.
SHOW_NO_POOL = Kein Bonuspool, keine Abrechnung
SHOW_NO_POOL_HINT = Legen Sie eine pool.yaml in das Datenpaket, um die Punktzahlen in Geld umzusetzen.
SHOW_POOL = Der Bonuspool
SHOW_AMOUNT = Betrag
SHOW_TO_PEOPLE =
    an { $people ->
        [one] { $people } Person
       *[other] { $people } Personen
    }
SHOW_TO_FUND = an den Teamfonds
SHOW_THREE_STATEMENTS = Drei Entgeltnachweise, auf den Cent genau
SHOW_BESIDE_EQUAL =
    Bei gleicher Verteilung hätten alle etwa { $equal } bekommen: { $more ->
        [one] { $more } Person bekommt
       *[other] { $more } Personen bekommen
    } mehr (bis zu +{ $most }), { $less } weniger (bis hinunter zu { $least }).
SHOW_STATEMENT_HEAD = { $name } { $number }: { $total }  (gleiche Verteilung: { $equal })
SHOW_WORTH_A_LOOK = Einen Blick wert (findings.csv enthält jede Auffälligkeit)
SHOW_TIMINGS = Dauer und Prüfsumme
SHOW_SECONDS = { $step } { $seconds } s
SHOW_IN_ALL = { $total } s insgesamt: { $longest }
SHOW_SAME_DIGEST = dieselben Dateien ergeben sie an jedem Tag und auf jedem Rechner
SHOW_WHO_SERVED = Wer was betreut hat und wie sicher das ist
SHOW_CERTAIN =
    { $certain } beruhen auf einem Namen oder einer einzigen Person; { $rest ->
        [one] { $rest } Vorgang ist niemandem zugerechnet, mit Angabe des Grundes.
       *[other] { $rest } Vorgänge sind niemandem zugerechnet, jeder mit Angabe des Grundes.
    }
SHOW_BUSIEST = Die meistgenutzten gemeinsamen Konten (90-%-Intervalle)
SHOW_WORTH = Was mehr Belege bringen würden
SHOW_WORTH_SAID = Vorgänge, die voraussichtlich jemand anderem zugerechnet werden als der Person, die betreut hat, jetzt und mit mehr Belegen: erwartet, nicht zugesagt. evidence.csv enthält alle Konten.
SHOW_COLUMN_NOW = jetzt
SHOW_COLUMN_BREAKS = Pausen gestempelt
SHOW_COLUMN_DEVICES = Geräte bei 30 %
SHOW_COLUMN_CLAIMS = Hälfte beansprucht
SHOW_COLUMN_RECORDS = Vorgänge
SHOW_COLUMN_INTERVAL = 90-%-Intervall
SHOW_COLUMN_CERTAIN = sicher
SHOW_COLUMN_ACCOUNT = Konto
SHOW_OTHERS =
    { $others ->
        [one] { $others } weitere Person
       *[other] { $others } weitere Personen
    }
SHOW_SCORES =
    { $people ->
        [one] Punktzahl von { $people } Person
       *[other] Punktzahlen von { $people } Personen
    } ({ $scheme })
SHOW_OUTSIDE =
    { $people ->
        [one] { $people } Person außerhalb des Personenkreises hat
       *[other] { $people } Personen außerhalb des Personenkreises haben
    } hier keine Scorecard und keine Auszahlung; { $people ->
        [one] ihr zugerechnet
       *[other] ihnen zugerechnet
    }: { $records ->
        [one] { $records } Vorgang
       *[other] { $records } Vorgänge
    }
SHOW_COLUMN_PLACE = #
SHOW_COLUMN_WHO = wer
SHOW_COLUMN_TEAM = Team
SHOW_COLUMN_CREDITED = zugerechnet
SHOW_COLUMN_SCORE = Punktzahl
SHOW_COLUMN_COLLABORATION = Zusammenarbeit
SHOW_CARD =
    { $name } { $number }: { $score ->
        [one] { $score } Punkt
       *[other] { $score } Punkte
    }, Rang { $rank } von { $of }
SHOW_COLLABORATION =
    Zusammenarbeit: { $outside } von { $credited } Vorgängen außerhalb des eigenen Dienstplans oder Teams bringen { $points ->
        [one] { $points } Punkt
       *[other] { $points } Punkte
    }.
SHOW_RECORD = Vorgang { $id } auf { $account }
SHOW_EVIDENCE = Belege: { $evidence } (Richtlinie { $version })
SHOW_NOTHING_CREDITED = Dieser Person ist kein Vorgang des Monats zugerechnet.
SHOW_ALL_ACCOUNTS = alle
SHOW_SCORE_STEPS = Die Punktzahl Schritt für Schritt
SHOW_STATEMENT = Der Entgeltnachweis
SHOW_RECORDS_BEHIND = Vorgänge dahinter: { $shown } von { $all } (credits.csv enthält alle)
DEMO_TRUTH = Wie weit von der Wahrheit entfernt (die Demo kennt sie)
DEMO_RIGHT = richtig, Vorgang für Vorgang
DEMO_WRONG = falsch über den Monat
DEMO_EQUALLY = jeder Vorgang gleichmäßig auf das Team verteilt
DEMO_AS_TALLY = wie Tally sie zurechnet
DEMO_TRUTH_SAID = Bei den { $records } Vorgängen ohne Namen der Plattform: wie viel eines Vorgangs bei der Person ankommt, die ihn betreut hat, und wie viel der Arbeit des Monats unter einem anderen Namen steht, nachdem sich Fehler ausgeglichen haben.
DEMO_INTERVALS = { $holding } der { $totals } Intervalle von Personen auf diesen Konten enthalten die Wahrheit.
DEMO_RUNGS_SAID = Welche Belege das bringen, Stufe für Stufe:
DEMO_RUNG_RECORDS = Vorgänge
DEMO_RUNG_EQUALLY = richtig bei gleicher Verteilung
DEMO_RUNG_TALLY = richtig wie zugerechnet
DEMO_RUNG_GAIN = Anteil am Gewinn
DEMO_SKILLS = Was der Monat über Fähigkeiten und Vertretung gezeigt hat
DEMO_LATE = die Belege sind noch unterwegs
DEMO_PROFILE = { $name } { $number }: hat { $accounts } betreut ({ $platforms }); Zusammenarbeit { $points }
DEMO_STANDARD = { $scheme } (der Standard des Konzerns)
DEMO_USER_BRANCH_HR = schließt den Monat von { $branch } ab; sieht keine andere Niederlassung
DEMO_BRANCHES = Jede Niederlassung schließt ihren eigenen Monat ab
DEMO_BRANCHES_SAID = Aus derselben Zurechnung, jede nach ihrer eigenen Verfeinerung des Konzernstandards, der einer Niederlassung erlaubt, eine Kennzahl um bis zu { $within } Punkte mehr oder weniger zu gewichten. Ränge gelten innerhalb der Niederlassung.
DEMO_COLUMN_BRANCH = Niederlassung
DEMO_COLUMN_FAVOURS = gewichtet stärker
DEMO_COLUMN_PEOPLE = Personen
DEMO_COLUMN_CREDITED = der Vorgänge
DEMO_COLUMN_FIRST = Erste/r
DEMO_COLUMN_SCORE = Punktzahl
DEMO_COLUMN_IN_GROUP = Rang im Konzern
DEMO_MANAGERS =
    { $people ->
        [one] Scorecard von { $people } Person, die selbst niemanden betreut
       *[other] Scorecards von { $people } Personen, die selbst niemanden betreuen
    }
DEMO_MANAGERS_SAID = Aus den Werten ihrer Teams, jedes Team nach dem Stand jedes Tages, in Prozent.
DEMO_MANAGERS_SCHEME = Führungskräfte
DEMO_RIGHT_HEADING = { $branch } wird nach Veröffentlichung und Auszahlung korrigiert
DEMO_RIGHT_PAID =
    { $amount } wurden an { $people ->
        [one] { $people } Person
       *[other] { $people } Personen
    } ausgezahlt.
DEMO_RIGHT_RATINGS =
    Dann sendet die Plattform { $ratings ->
        [one] { $ratings } Kundenbewertung von { $account } neu, auf 1 gesenkt
       *[other] { $ratings } Kundenbewertungen von { $account } neu, jeweils auf 1 gesenkt
    }. { $cycles ->
        [one] { $cycles } Zyklus beruht
       *[other] { $cycles } Zyklen beruhen
    } darauf; was veröffentlicht und gebucht ist, bleibt, wie es ist.
DEMO_RIGHT_REASON = Käufer haben ihre Bewertungen nachträglich geändert
DEMO_RIGHT_CARDS =
    Die Korrektur gibt { $people ->
        [one] { $people } Person eine neue Version ihrer Scorecard
       *[other] { $people } Personen eine neue Version ihrer Scorecard
    }.
DEMO_RIGHT_DELTAS =
    { $people ->
        [one] { $people } Person bekommt einen anderen Betrag
       *[other] { $people } Personen bekommen einen anderen Betrag
    }: { $more } mehr und { $less } weniger, mit der nächsten Abrechnung der Niederlassung. Die größten Differenzen:
DEMO_RIGHT_CARD = Was { $name } liest:
DEMO_COLUMN_WHO = wer
DEMO_COLUMN_PAID = ausgezahlt
DEMO_COLUMN_RIGHT = richtig
DEMO_COLUMN_DELTA = Differenz
DEMO_NEXT = Wie es weitergeht
DEMO_OWN_MONTH = Ihr eigener Monat; docs/bundle.md sagt, was in den Ordner gehört
DEMO_AGAIN = diesen Monat noch einmal, mit Dateien zum Ansehen
DEMO_COPY = diesen Monat als Dateien schreiben, als Vorlage
DEMO_WHY = warum eine Person oder ein Vorgang so ausfiel
DEMO_REPLAY = neu berechnen und jedes Byte vergleichen
DEMO_CONSOLE = Öffnen Sie http://{ $address } im Browser; Strg-C beendet es
DEMO_FIRST = Was Sie zuerst ansehen können: { $agent } sieht Monat und Vergütung einer Servicekraft, { $supervisor }, wer wann ein Konto hatte; hr1 schließt einen Monat ab; payroll, approver und payer zahlen ihn aus; auditor sieht alles.
DEMO_GRPC = gRPC: http://{ $address }
DEMO_PASSWORD = Ein Passwort für alle, für diesen Lauf erzeugt: { $password }
DEMO_TOKEN = Ein Token: { $command }
DEMO_HTTP = REST mit JSON: http://{ $address }/openapi.json sagt, was es gibt
DEMO_CLOCK = Die Uhr des Konzerns stand beim Abschluss auf dem Tag nach seinem Monat und läuft von dort weiter. Nichts wird behalten.
DEMO_USER_ADMIN = richtet den Konzern ein und vergibt Rollen; sieht weder Punktzahlen noch Vergütung
DEMO_USER_HR = Personen, Dienste, Zyklen; sieht keine Vergütung
DEMO_USER_PAYROLL = Bonuspools und Abrechnungen; kann eigene nicht genehmigen
DEMO_USER_APPROVER = genehmigt, was jemand anderes vorbereitet hat
DEMO_USER_PAYER = bucht, was zwei andere vorbereitet und genehmigt haben
DEMO_USER_AUDITOR = liest alles, ändert nichts
REPLAY_VERSION = { $what }: das Ergebnis wurde mit { $then } berechnet, dies ist { $now }
REPLAY_TZDB = Zeitzonendatenbank
REPLAY_IDENTICAL = identisch: { $files } Dateien, Prüfsumme { $digest }
REPLAY_NOT_COVERED = nicht verglichen, da die Eingaben ihre Grundlage nicht enthalten: { $files }
REPLAY_ALTERED = verändert: { $what }
REPLAY_DIFFERENT = abweichend: { $file }, Zeile { $line }
REPLAY_MISSING = fehlt im Ordner: { $file }
REPLAY_INPUT_CHANGED = inputs/{ $file }: der Inhalt wurde geändert
REPLAY_INPUT_MISSING = inputs/{ $file }: fehlt oder ist nicht lesbar
REPLAY_INPUT_ADDED = inputs/{ $file }: wurde hinzugefügt
REPLAY_IN_FOLDER = im Ordner:     { $line }
REPLAY_RECOMPUTED = neu berechnet: { $line }
REPLAY_ENDS = (die Datei endet vor dieser Zeile)

## Replaying over the rpcs


## The command line: help. HELP_ and the name of a command, its arguments by name; HELP_SHARED has what several take alike

PAGE_USAGE = Aufruf:{ " " }
PAGE_COMMANDS = Befehle:
PAGE_ARGUMENTS = Argumente:
PAGE_OPTIONS = Optionen:
PAGE_DEFAULT = { " " }[Standard:{ "\u00A0" }{ $value }]
PAGE_VALUES = { " " }[mögliche Werte:{ "\u00A0" }{ $values }]
PAGE_ENV = { " " }[Umgebung:{ "\u00A0" }{ $name }]
HELP_SHARED =
    .help = Hilfe anzeigen
    .version = Version anzeigen
    .bundle = Ordner mit people.csv, accounts.csv, records.csv und was es sonst gibt (docs/bundle.md)
    .from = Erster Tag des Zeitraums, etwa 2026-03-01, zusammen mit --to; standardmäßig der Zeitraum aus group.yaml, sonst der Monat, der alle Vorgänge enthält
    .to = Letzter Tag des Zeitraums, etwa 2026-03-31, der dazugehört
    .lang = Sprache der Sätze und der Namen in `tally demo`; darf auch vor dem Befehl stehen; standardmäßig die der Umgebung (LC_ALL, LC_MESSAGES, LANG)
    .plain-csv = CSV für Programme: ohne Bytereihenfolge-Marke (BOM) und ohne den Apostroph vor Zellen, die wie eine Formel beginnen; beides brauchen Tabellenkalkulationen
    .json = Nur die Zusammenfassung als JSON ausgeben
    .server = Wo die Suite lauscht, etwa https://tally.example:7070; standardmäßig client.server aus den Einstellungen, sonst wo sich `tally login` zuletzt angemeldet hat, sonst http://127.0.0.1:7070
    .ca = Datei der Stelle, die das Zertifikat des Servers signiert (PEM); standardmäßig die Stellen, denen dieser Rechner vertraut
    .client-cert = Datei der Zertifikatskette für einen Server, der eine verlangt (PEM), zusammen mit --client-key
    .client-key = Datei des privaten Schlüssels zu --client-cert (PEM)
    .token-file = Datei mit einem Token, oder - für die Standardeingabe; standardmäßig das von `tally login` gemerkte, sonst die Standardeingabe
    .config = Einstellungsdatei (TOML)
    .set = Einen Schlüssel setzen, etwa database.url=postgres://..; mehrfach möglich
    .dump-config = Die geltenden Einstellungen mit verdeckten Geheimnissen ausgeben und beenden
HELP_TALLY = Wer welche Arbeit geleistet hat, was sie wert war, was sie einbringt und warum
HELP_HELP = Diese Seite oder die eines Befehls anzeigen
HELP_DEMO = Die Hauptaufgabe an einem erfundenen Konzern zeigen: aus einem Monat Vorgänge werden Entgeltnachweise, auf SQLite in einem temporären Ordner
    .once = Nach der Zusammenfassung beenden, statt den Konzern bereitzustellen
    .seed = Zahl, aus der der Konzern entsteht: eine andere ergibt einen anderen Konzern
    .records = Wie viele Servicevorgänge der Monat ungefähr hat, 1 bis 5,000,000; unter 100 sind es 100
    .bundle = Neuer oder leerer Ordner, in den die Dateien des Monats als Vorlage geschrieben werden
    .listen = Adresse und Port, unter denen nach der Zusammenfassung bereitgestellt wird
    .http = Adresse und Port von REST nach der Zusammenfassung
HELP_CLOSE = Die Hauptaufgabe mit Ihren eigenen Dateien erledigen: aus einem Monat Vorgänge werden Scorecards und Entgeltnachweise
    .out = Ordner des Ergebnisses: ein neuer oder leerer
    .explain = Danach einen Vorgang (external_id) oder eine Person (Personalnummer oder Name) erklären
    .database = In PostgreSQL arbeiten statt in SQLite in einem temporären Ordner: die URL des Eigentümers einer leeren Datenbank
HELP_IMPORT = Die Dateien eines Monats in eine laufende Suite übernehmen und sagen, was vorher und nachher da ist
    .out = Ordner für report.json, findings.csv, rejected.csv und refused.csv
    .accept-damaged = Auch Zeilen schreiben, in denen eine Tabellenkalkulation IDs oder Kunden gekürzt hat: die Suite behält sie dauerhaft so
    .json = Nur den Bericht als JSON ausgeben
HELP_REPLAY = Einen Ergebnisordner aus seinen eigenen Eingaben neu berechnen und sagen, ob dasselbe herauskommt und welche Dateien das nicht umfasst
    .dir = Ergebnisordner, wie `tally close` ihn geschrieben hat
    .json = Nur das Urteil als JSON ausgeben
HELP_SERVE = Einen, einige oder alle Dienste ausführen
    .services = Welche Dienste, durch Kommas getrennt, etwa identity,attendance; standardmäßig die der Einstellungen, das sind alle
    .listen = Adresse und Port zum Lauschen; standardmäßig die der Einstellungen, 127.0.0.1:7070
    .http = Adresse und Port des Gateways, falls dieser Prozess es hat; standardmäßig die der Einstellungen, 127.0.0.1:8080
    .sample = Auf einem leeren Datenspeicher mit dem erfundenen Konzern von `tally demo` beginnen
HELP_INIT = Den Konzern und seinen ersten Administrationszugang auf einem leeren Datenspeicher anlegen
    .name = Name des Konzerns
    .currency = Währung des Konzerns (ISO 4217)
    .zone = Zeitzone des Konzerns (IANA)
    .regions = Regionen des Konzerns, durch Kommas getrennt, etwa cn-east,cn-south
    .tenant-id = ID des Konzerns, vorab gewählt oder die aus der Installation einer anderen Region; enthält der Datenspeicher genau diesen Konzern, wird nichts geändert, und das ist kein Fehler
    .login = Anmeldename des ersten Administrationszugangs
    .password-file = Datei mit dem Passwort dieses Zugangs (mindestens 12 Zeichen); ohne sie ist das Passwort die erste Zeile der Standardeingabe
    .invitation-file = Datei mit der Ausgabe von `tally invite`, wenn der Datenspeicher bereits einen anderen Konzern enthält
HELP_INVITE = Eine Einladung ausgeben, um in einem Datenspeicher mit einem Konzern einen weiteren anzulegen (PostgreSQL)
    .tenant-id = ID des Konzerns, wenn ihn die Installation einer anderen Region bereits angelegt hat; standardmäßig ein neuer Konzern
    .days = Wie viele Tage sie gilt, höchstens 30
HELP_MIGRATE = Die Datenbank aktualisieren (PostgreSQL: mit der URL des Eigentümers)
HELP_LOGIN = Ein Passwort, die erste Zeile der Standardeingabe, gegen ein Token tauschen, das die folgenden Befehle verwenden
    .login = Anmeldename
    .code = Die sechs Ziffern Ihrer Authenticator-App oder ein Wiederherstellungscode, wenn Sie einen zweiten Faktor haben
    .new-password = Das Passwort wurde Ihnen für eine einzige Anmeldung gegeben: die zweite Zeile der Standardeingabe ist Ihr neues
HELP_USER = Personen und Programmen Zugang geben
HELP_USER_CREATE = Einen Zugang mit einer Rolle anlegen, im ganzen Konzern oder für eine Einheit
    .login = Anmeldename
    .role = Die Rolle, etwa group_hr, oder branch_hr mit --unit
    .unit = Die Einheit, etwa East, mit allem darunter, soweit die Rolle reicht; standardmäßig der ganze Konzern
    .password-file = Datei mit dem ersten Passwort (mindestens 12 Zeichen), oder - für die Standardeingabe
HELP_USER_GRANT = Einem Zugang eine weitere Rolle geben oder die, die ihm fehlt
    .login = Anmeldename
    .role = Die Rolle, etwa group_hr oder auditor
    .unit = Die Einheit, etwa East/Chat, mit allem darunter, soweit die Rolle reicht; standardmäßig der ganze Konzern
HELP_TENANT = Die Daten eines ganzen Konzerns mitnehmen
HELP_TENANT_EXPORT = Alles, was die Dienste über den Konzern enthalten, in einen Ordner schreiben, je Tabelle eine Datei mit JSON-Zeilen
    .out = Der Ordner; darf noch nicht existieren
    .quiet = Keinen Fortschritt anzeigen
HELP_PERSON = Herausgeben, was über eine Person gespeichert ist
HELP_PERSON_EXPORT = Alles, was die Dienste über eine Person enthalten, in eine JSON-Datei schreiben
    .person = Die Person: Personalnummer oder ID (UUID)
    .out = Die Datei; darf noch nicht existieren
HELP_RETENTION = Aufbewahrungsdauer der Daten verwalten
HELP_RETENTION_RUN = Aus allen Diensten entfernen, was nach den Aufbewahrungsfristen des Konzerns abgelaufen ist
HELP_AUDIT = In das Audit-Protokoll sehen
HELP_AUDIT_VERIFY = Die Kette jedes Dienstes neu berechnen, zu jeder Zeile den Eintrag suchen und nennen, was falsch ist
    .heads = Ordner mit signierten Köpfen, durch die die Protokolle laufen müssen; standardmäßig der aus den Einstellungen
HELP_AUDIT_SEARCH = Sagen, wer etwas über eine Person gesehen oder geändert hat, was ein Akteur getan hat oder was mit einem Gegenstand geschehen ist; das Neueste zuerst
    .person = Über diese Person (UUID)
    .principal = Von diesem Akteur (UUID) oder in seinem Namen
    .subject = An diesem Gegenstand, etwa statement:0199..
    .from = Nicht vor diesem Zeitpunkt (RFC 3339), etwa 2026-03-01T00:00:00+08:00
    .to = Vor diesem Zeitpunkt (RFC 3339)
    .json = Je Zeile ein JSON-Objekt ausgeben
HELP_SCHEME = Einen Standard des Konzerns aus einer Installation in eine andere bringen und mit einem vorhandenen Bewertungsmodell beginnen
HELP_SCHEME_EXPORT = Die signierte Datei eines Bewertungsmodells des Konzerns mit allen Versionen ausgeben
    .name = Sein Name
    .from = Die Region, die sie verlässt, wenn die Installation mehrere bedient
HELP_SCHEME_IMPORT = Eine Datei übernehmen, die die Installation einer anderen Region exportiert hat
    .file = Die Datei
HELP_SCHEME_TEMPLATE = Ein Bewertungsmodell als Vorlage im Format scheme.yaml ausgeben oder sagen, welche es gibt
    .name = Name des Bewertungsmodells; ohne ihn werden alle aufgelistet
    .out = Datei, in die es geschrieben wird und die noch nicht existieren darf
HELP_ACCESS = Für eine Prüfung sagen, wer was darf
HELP_ACCESS_REVIEW = Als CSV sagen, wer eine Berechtigung hat, durch welche Rollenzuweisung, Delegation oder welchen Notfallzugriff, seit wann und von wem; die neueste Rollenzuweisung zuerst
    .permission = Die Berechtigung, etwa compensation.statement.read_pay zum Lesen der Vergütung
HELP_KEYS = Schlüssel verwalten: die zum Signieren von Token und die des Versiegelten in der Datenbank
HELP_KEYS_MAKE = Den Schlüsselordner mit allen Dateien anlegen, für die Secrets eines Clusters; Vorhandenes bleibt, wie es ist
HELP_KEYS_PROTECT = seal.key mit einer Passphrase verschlüsseln oder die Passphrase ändern
    .new-passphrase-file = Datei mit der neuen Passphrase (mindestens 12 Zeichen); ohne sie ist die Passphrase die erste Zeile der Standardeingabe
HELP_KEYS_ROTATE = Bei laufenden Diensten neue Schlüssel erzeugen und alles damit versiegeln; macht dort weiter, wo ein früherer Lauf angehalten wurde
    .what =
        Welche Schlüssel; standardmäßig master und data
        file: seal.key nur um einen Hauptschlüssel ergänzen, um die Datei zu verteilen, bevor etwas damit umhüllt wird
        master: der Hauptschlüssel in seal.key; schnell, nichts wird neu versiegelt
        data: die Datenschlüssel; jede versiegelte Zeile wird neu versiegelt
HELP_KEYS_ROTATE_SIGNING = Einem Dienst einen neuen Schlüssel zum Signieren von Token geben; laufende Prozesse übernehmen ihn innerhalb einer Minute von selbst
    .service = Der Dienst, etwa identity

## The command line: what was done

CANNOT_MAKE_TEMPORARY = ein temporärer Ordner kann nicht angelegt werden: { $error }
CANNOT_REPLACE = { $file } kann nicht ersetzt werden: { $error }
CANNOT_CREATE = { $file } kann nicht angelegt werden: { $error }
CANNOT_WRITE_TO = in { $folder } kann nicht geschrieben werden: { $error }
OUTPUT_LOST = die Ausgabe konnte nicht vollständig geschrieben werden: { $error }
CANNOT_START = Start nicht möglich: { $error }
CANNOT_LISTEN = auf { $address } kann nicht gelauscht werden; geben Sie mit { $flag } eine andere Adresse an, oder beenden Sie mit --once nach der Zusammenfassung: { $error }
NOT_OF_TALLY = { $file } ist ab Zeile { $line }, Spalte { $column } nicht das, was tally schreibt
SAMPLE_SKIPPED = der Datenspeicher enthält bereits einen Konzern: --sample lässt ihn, wie er ist
SERVING_HTTP = das Gateway ist unter http://{ $address } erreichbar; was es anbietet, steht unter http://{ $address }/openapi.json
SAMPLE_FILLED = Mit dem Beispielkonzern gefüllt. Ein Passwort für alle, nur dieses eine Mal angezeigt: { $password }
SERVING = { $services } erreichbar unter { $scheme }://{ $address }
NO_GROUP_YET = in diesem Datenspeicher gibt es noch keinen Konzern, daher kann sich niemand anmelden: beenden Sie diesen Prozess, geben Sie mit denselben Einstellungen `tally init --name "Mein Konzern"` ein, und starten Sie ihn erneut
    .beside = in diesem Datenspeicher gibt es noch keinen Konzern, daher kann sich niemand anmelden: geben Sie neben diesem Prozess mit denselben Einstellungen `tally init --name "Mein Konzern"` ein
REGION_OF_NO_GROUP = server.regions nennt { $region }, und kein Konzern dieses Datenspeichers hat diese Region (es gibt { $known }): dieser Prozess stellt keine Zeile einer anderen Region bereit; korrigieren Sie server.regions, oder lassen Sie es leer, um alle bereitzustellen
REDIS_AWAY = Redis antwortet nicht auf { $at } (redis.url). Alles funktioniert auch ohne: bis es wieder da ist, zählt jeder Prozess die Aufrufe selbst, und Empfänger sehen alle paar Sekunden nach Ereignissen, statt geweckt zu werden
FILE_SWITCH = { $switch }: { $why }
ASK_PASSWORD_TWELVE = Passwort (mindestens 12 Zeichen, bei der Eingabe sichtbar):{ " " }
ASK_PASSWORD = Passwort (bei der Eingabe sichtbar):{ " " }
ASK_NEW_PASSWORD = neues Passwort (mindestens 12 Zeichen):{ " " }
ASK_NEW_PASSPHRASE = neue Passphrase (bei der Eingabe sichtbar):{ " " }
NO_PASSWORD_GIVEN = kein Passwort in der Standardeingabe: geben Sie eines ein, oder übergeben Sie es per Pipe
SET_EXPECTED = --set { $pair }: erwartet wird KEY=VALUE
SUBJECT_EXPECTED = --subject: erwartet wird KIND:ID, etwa statement:0199..
GROUP_DIFFERS = der Konzern { $id } wurde in diesem Datenspeicher bereits angelegt und weicht von Ihrer Eingabe ab ({ $differences }): nichts wird geändert. Geben Sie ein, was gilt, oder wählen Sie einen anderen Datenspeicher
GROUP_DIFFERENCE = { $what } { $there } und nicht { $typed }
GROUP_WAS_MADE = der Konzern { $id } wurde in diesem Datenspeicher bereits angelegt: nichts wird geändert
GROUP_MADE = Konzern { $name } ({ $id }) mit dem Administrationszugang { $login } angelegt
GROUP_NEXT = als Nächstes: tally serve, dann tally login { $login }
OWNER_URL_MISSING = die Schemas von PostgreSQL legt deren Eigentümer an: setzen Sie sie (TALLY_DATABASE_OWNER_URL) auf die URL des Eigentümers, postgres://OWNER:PASSWORD@HOST/DATABASE
OWNER_URL_ALONE = sie ist SQLite, während database.owner_url gesetzt ist: setzen Sie sie (TALLY_DATABASE_URL) auf die URL, mit der sich die Dienste anmelden, oder lassen Sie database.owner_url weg
MIGRATED = { $service }: { $ran }
UP_TO_DATE = auf aktuellem Stand
AUDIT_VERIFIED =
    { $service }: { $entries ->
        [one] { $entries } Eintrag
       *[other] { $entries } Einträge
    }, { $rows ->
        [one] { $rows } Zeile
       *[other] { $rows } Zeilen
    }, { $heads ->
        [one] { $heads } exportierter Kopf
       *[other] { $heads } exportierte Köpfe
    }: { $verdict }
AUDIT_INTACT = unversehrt
AUDIT_ON_BEHALF = { " " }im Namen von { $id }
AUDIT_FAULT = { $table } von { $stream }: { $place } { $defect }
AUDIT_PLACE = Eintrag { $at }
    .unnumbered = ein Eintrag ohne Nummer
    .named = { $place } ({ $id })
    .row = Zeile { $row }
    .row-of = Zeile { $row } (Eintrag { $id })
    .line = Zeile { $row }
AUDIT_DEFECT = ist nicht das, was der Dienst geschrieben hat
    .chain = folgt nicht aus dem Eintrag davor (eingefügt, ersetzt oder verschoben)
    .missing = fehlt
    .truncated = fehlt, ebenso alles danach bis zum signierten Kopf
    .beyond = liegt hinter dem signierten Kopf
    .head = ist der Kopf, dessen Signatur fehlt oder nicht die des Dienstes ist
    .unnumbered = wartet seit mehr als fünf Sekunden auf eine Position: läuft ein Sequencer?
    .forked = ist nicht der Eintrag, dessen Kopf exportiert wurde: das Protokoll davor wurde ersetzt
    .older = fehlt, obwohl ein Kopf dahinter exportiert wurde: ein älteres Protokoll wurde zurückgespielt
    .exported = ist kein Kopf dieses Dienstes oder fällt hinter eine frühere Zeile zurück
    .unaccounted = hat keinen Audit-Eintrag: keine Arbeitseinheit hat sie geschrieben
    .borrowed = oder eine daneben hat sich ihren Audit-Eintrag geliehen; dieser hat weniger Zeilen geschrieben, als ihn nennen
AUDIT_FAULTS =
    { $count ->
        [one] { $count } Fehler
       *[other] { $count } Fehler
    }
AUDIT_FOUND =
    { $count ->
        [one] { $count } Eintrag
       *[other] { $count } Einträge
    }
REVIEW_FOUND =
    { $count ->
        [one] { $count } Weg zu { $permission }
       *[other] { $count } Wege zu { $permission }
    }
INVITE_ONE_GROUP = sie nennt SQLite-Dateien, die einen Konzern enthalten, daher kann niemand eingeladen werden; für mehrere Konzerne braucht es PostgreSQL (TALLY_DATABASE_URL=postgres://...)
INVITED =
    lässt den Konzern { $tenant } { $days ->
        [one] { $days } Tag
       *[other] { $days } Tage
    } lang herein: geben Sie sie an InitTenant oder `tally init --invitation-file`
KEYS_MADE = { $folder } enthält seal.key und die Signaturschlüssel aller Dienste: sichern Sie ihn
PASSPHRASE_TOO_SHORT = die neue Passphrase ist zu kurz: mindestens { $least } Zeichen
KEYS_PROTECTED = { $file } ist mit der neuen Passphrase geschützt
KEYS_PROTECTED_NEXT = als Nächstes: setzen Sie TALLY_KEYS_PASSPHRASE oder TALLY_KEYS_PASSPHRASE_FILE für jeden Dienst, und sichern Sie die Datei
KEYS_WRAPPED = { $service }: { $count } Datenschlüssel mit dem neuesten Hauptschlüssel umhüllt
KEYS_STOPPED = angehalten; nichts ist verloren: derselbe Befehl macht weiter, wo dieser war
MASTER_KEY_ADDED = der Hauptschlüssel { $id } liegt in { $file }: sichern Sie die Datei
MASTER_KEY_KEPT =
    { $count ->
        [one] { $count } Datenschlüssel liegt
       *[other] { $count } Datenschlüssel liegen
    } unter einem älteren Hauptschlüssel: solange das so ist, kommt kein weiterer hinzu
KEYS_STEP =
    { $service }: { $table }.{ $column }, { $rows ->
        [one] { $rows } Zeile
       *[other] { $rows } Zeilen
    }
KEYS_REPLACED =
    { $service }: { $keys } Datenschlüssel ersetzt, { $rows ->
        [one] { $rows } Zeile
       *[other] { $rows } Zeilen
    } neu versiegelt ({ $speed } Zeilen/s)
KEYS_REPLACED_RESUMED =
    { $service }: { $keys } Datenschlüssel eines früheren Laufs ersetzt, { $rows ->
        [one] { $rows } Zeile
       *[other] { $rows } Zeilen
    } neu versiegelt ({ $speed } Zeilen/s)
NO_SUCH_SERVICE = kein Dienst heißt { $service }: nennen Sie einen von { $services }
SIGNING_KEY_ROTATED = { $service }: der neue Schlüssel signiert ab { $from }; der alte gilt weiter für das, was er signiert hat
PERSON_EXPORTED =
    in { $file } geschrieben; { $withheld ->
        [one] { $withheld } Zeile
       *[other] { $withheld } Zeilen
    } zurückgehalten, die Sie nicht lesen dürfen
    .untold =
        in { $file } geschrieben; { $withheld ->
            [one] { $withheld } Zeile
           *[other] { $withheld } Zeilen
        } zurückgehalten, die Sie nicht lesen dürfen; nichts mitgeteilt von { $services }: entweder ist dort nichts über die Person gespeichert, oder nur Zeilen von Einheiten und Tagen, die Sie nicht erreichen. Wer Personen des ganzen Konzerns liest, bekommt alles
PERSON_EXPORTED_BEYOND = in { $services } gibt es weitere Zeilen über die Person, von Einheiten und Tagen, die Sie nicht erreichen. Wer Personen des ganzen Konzerns liest, bekommt alles
GROUP_EXPORTED =
    { $rows ->
        [one] { $rows } Zeile
       *[other] { $rows } Zeilen
    } in { $folder } geschrieben; { $withheld } zurückgehalten, die Sie nicht lesen dürfen
RETENTION_TAKEN =
    { $service }: { $rows ->
        [one] { $rows } Zeile
       *[other] { $rows } Zeilen
    } aus { $table } ({ $kind })
RETENTION_DONE =
    { $rows ->
        [one] { $rows } Zeile entfernt
       *[other] { $rows } Zeilen entfernt
    }
INPUT_NOT_READ = die Standardeingabe wurde nicht gelesen: --token-file - nimmt von dort ein Token
USER_CREATED = { $login } kann sich anmelden, mit der Rolle { $role }
USER_ROLE_UNKNOWN = es gibt keine Rolle { $role }, die im ganzen Konzern oder für eine Einheit vergeben werden kann; es wurde kein Zugang angelegt. Es gibt: { $roles }
    .grant = es gibt keine Rolle { $role }. Es gibt: { $roles }
USER_ROLE_WITHOUT_UNIT = die Rolle { $role } wird nicht für eine Einheit vergeben: lassen Sie --unit weg
USER_ROLE_OF_A_UNIT = die Rolle { $role } wird für eine Einheit vergeben: nennen Sie sie mit --unit
USER_UNIT_UNKNOWN = es gibt keine Einheit { $unit }{ $hint }
USER_GRANTED = { $login } hat die Rolle { $role }
    .already = { $login } hat die Rolle { $role } dort bereits: nichts wurde geändert
USER_WITHOUT_ROLE = der Zugang { $login } wurde angelegt, die Rolle { $role } aber nicht vergeben: vergeben Sie sie mit tally user grant { $login } { $role }{ $on }
IMPORT_INTERRUPTED = Sie haben ihn angehalten
IMPORT_CURRENCY = die Beträge sind in { $said }, die des Konzerns in { $is }
IMPORT_CURRENCY_CURE = geben Sie die Beträge in { $is } an, und schreiben Sie currency: { $is }
IMPORT_BRANCH_REGION = hier liegt die Niederlassung { $branch } in der Region { $said }, in der Suite liegt sie in { $is }
IMPORT_BRANCH_REGION_CURE = schreiben Sie unter branches: für { $branch } { $is }, oder geben Sie der Niederlassung einen anderen Namen
IMPORT_NO_REGION = für { $branches } ist keine Region genannt, daher lägen sie in { $default }, einer Region, die der Konzern nicht hat
IMPORT_NO_REGION_CURE = schreiben Sie, wo jede davon liegt (der Konzern hat { $known }), etwa branches: { "{" }"{ $branch }": { $region }{ "}" }
IMPORT_REGIONS = hier liegen Niederlassungen in Regionen, die der Konzern nicht hat: { $unknown }
IMPORT_REGIONS_CURE = nennen Sie unter branches: in group.yaml für jede Niederlassung eine von { $known }, oder fügen Sie die Region dem Konzern hinzu

## Console

UI_LANGUAGE_NAME = Deutsch
UI_SKIP = Zum Inhalt springen
UI_SCREENS = Ansichten
UI_WAY_HERE = Sie sind hier
UI_HOME = Startseite
UI_GREETING = Willkommen, { $name }
UI_LANGUAGE = Sprache
UI_THEME = Farben
UI_THEME_AUTO = Wie das System
UI_THEME_LIGHT = Hell
UI_THEME_DARK = Dunkel
UI_DENSITY = Zeilenabstand
UI_DENSITY_COMPACT = Kompakt
UI_DENSITY_TOUCH = Für Touch
UI_ZONE = Zeitzone, etwa Asia/Shanghai
UI_KEEP_CHOICES = Übernehmen
UI_SIGN_IN = Anmelden
UI_SIGN_OUT = Abmelden
UI_LOGIN = Anmeldename
UI_PASSWORD = Passwort
UI_CODE = Code
UI_CODE_HINT = Die sechs Ziffern Ihrer Authenticator-App oder ein Wiederherstellungscode.
UI_NEW_PASSWORD = Neues Passwort
UI_NEW_PASSWORD_HINT = Dieses Passwort galt für eine einzige Anmeldung. Mindestens 12 Zeichen; gut sind vier Wörter, die nicht zusammengehören.
UI_SESSION_OVER = Ihre Sitzung ist beendet. Melden Sie sich an, um fortzufahren; was Sie gesendet haben, geht nicht verloren.
UI_SIGNED_IN_AGAIN = Sie sind wieder angemeldet
UI_SEND_AGAIN_SAID = Was Sie zuvor gesendet haben, ist noch hier und wurde nicht ausgeführt.
UI_SEND_AGAIN = Jetzt senden
UI_TO_HOME = Zur Startseite
UI_TRY_AGAIN = Erneut versuchen
UI_FOR_SUPPORT = Für den Support:
UI_NOT_FOUND = Hier ist nichts
UI_NOT_ALLOWED = Nicht für Sie
UI_NOT_NOW = Gerade nicht möglich
UI_REFUSED = Das hat nicht geklappt
UI_OPTIONAL = (optional)
UI_PUT_RIGHT = Bitte korrigieren Sie:
UI_SAVE = Speichern
UI_CANCEL = Abbrechen
UI_REMOVE = Entfernen
UI_YES = Ja
UI_NO = Nein
UI_SEARCH = Suchen
UI_ALL = alle
UI_GROUP_BY = Gruppieren nach
UI_NOT_GROUPED = Nicht gruppiert
UI_GROUPED_BY = Nach { $column }
UI_COLUMNS = Spalten
UI_SHOW = Anzeigen
UI_SHOW_ALL = Alle anzeigen
UI_PAGES = Seiten
UI_PREVIOUS = Zurück
UI_NEXT = Weiter
UI_PAGE_OF = { $page } von { $pages }
UI_ROWS =
    { $count ->
        [one] 1 Zeile
       *[other] { $count } Zeilen
    }
UI_ROWS_OF = { $count } von { $total } Zeilen
UI_EXPORT = CSV herunterladen
UI_NOTHING_FITS = Nichts entspricht Ihrer Suche.
UI_NOTHING_THERE = Hier ist noch nichts.
UI_NOTHING_TO_DRAW = Es gibt nichts darzustellen.
UI_LOADING = Wird geladen …
UI_AS_OF = Stand
UI_NAME = Name
UI_EMPLOYEE_NO = Personalnummer
UI_UNIT = Einheit
UI_POSITION = Position
UI_GRADE = Stufe
UI_REGION = Region
UI_SINCE = Seit
UI_STATE = Status
UI_SHARE = Anteil
UI_AMOUNT = Betrag
UI_DAY = Tag
UI_REASON = Grund
UI_REASON_HINT = Wer sich das später ansieht, liest ihn.
UI_SURE = Ja, ich bin sicher
UI_NO_PEOPLE = Wo Sie lesen dürfen, ist an diesem Tag niemand beschäftigt.
UI_GALLERY = Komponenten
NAV_MINE = Mein Bereich
NAV_TEAM = Team
NAV_BRANCH = Niederlassung und Konzern
NAV_PAY = Vergütung
NAV_AUDIT = Audit
NAV_PLATFORM = Plattform
NAV_PEOPLE = Personen
FORM_OF_ANOTHER_SITE = das kam von einer anderen Website: öffnen Sie die Seite hier, und senden Sie es von dort
FORM_OUTDATED = diese Seite stammt aus einer früheren Sitzung: laden Sie sie neu, und senden Sie es noch einmal

## Console: access

NAV_WHY = Warum darf jemand etwas
NAV_REVIEW = Berechtigungsprüfung
NAV_GRANTS = Rollenzuweisungen
NAV_LOGINS = Zugänge
NAV_ROLES = Rollen
NAV_DELEGATIONS = Delegationen
NAV_EMERGENCIES = Notfallzugriffe
NAV_KEYS = API-Schlüssel
NAV_PROVIDERS = Anmeldeanbieter
NAV_ACCOUNT = Mein Konto
UI_KIND = Art
UI_PERSON = Person
UI_WHO = Wer
UI_ROLE = Rolle
UI_ROLES = Rollen
UI_REACH = Geltungsbereich
UI_DAYS = Tage
UI_CONDITION = Bedingung
UI_GIVEN_BY = Zugewiesen von
UI_GIVEN_AT = Zugewiesen am
UI_HOLDS_TODAY = Gilt heute
UI_HOLDS = Gilt
UI_OVER = Beendet
UI_FIRST_DAY = Erster Tag
UI_LAST_DAY = Letzter Tag
UI_UNTIL_WHEN = Bis
UI_PERMISSION = Berechtigung
UI_PERMISSIONS = Berechtigungen
UI_PERMISSIONS_HINT = Namen, durch Kommas getrennt, etwa attendance.roster.write. Sie stehen auf der Seite jeder Rolle.
UI_WHAT_FOR = Wofür
UI_NEW_LOGIN = Neuer Zugang
UI_LOGIN_HINT = Was die Person zum Anmelden eingibt; in dieser Installation darf es niemand sonst haben.
UI_PASSWORD_HINT = Mindestens 12 Zeichen; gut sind vier Wörter, die nicht zusammengehören.
UI_LOGIN_OF = Leer, wenn der Zugang zu keiner bestimmten Person gehört.
UI_RESET_PASSWORD = Neues Passwort für { $name }
UI_RESET_NOW = Einmalpasswort erzeugen
UI_RESET_SAID = Alle Sitzungen dieses Zugangs enden. Das Passwort wird einmal angezeigt, gilt für eine Anmeldung und muss dabei ersetzt werden.
UI_FACTOR_LOST = Der zweite Faktor ist verloren: ebenfalls entfernen
UI_ONE_TIME_PASSWORD = Einmalpasswort
UI_ONE_TIME_SAID = Übergeben Sie es persönlich; es gilt bis { $until } für eine Anmeldung und wird nicht noch einmal angezeigt.
UI_ONCE_SAID = Das wird nur einmal angezeigt. Legen Sie es dort ab, wo nur das Programm es liest.
UI_WRITTEN_DOWN = Ich habe es notiert
UI_NEW_GRANT = Rolle zuweisen
UI_GRANT_SAID = Wer eine Rolle zuweist, muss dort alles haben, was sie enthält. Sie gilt innerhalb einer Sekunde.
UI_UNIT_OF_REACH = Für die Arten, die eine Einheit nennen.
UI_REGION_OF_REACH = Für die Art, die eine Region nennt, etwa cn-north.
UI_WITH_FACTOR = Mit zweitem Faktor
UI_ONLY_WITH_FACTOR = Nur in Sitzungen mit zweitem Faktor
UI_ONLY_AT_HOURS = Nur zu diesen Uhrzeiten
UI_HOURS_HINT = Etwa 08:00-20:00; leer bedeutet immer.
UI_REVOKE_GRANT = Rolle entziehen
UI_REVOKE_SAID = { $name } verliert die Rolle { $role } ({ $reach }) innerhalb einer Sekunde.
UI_NEW_ROLE = Neue Rolle
UI_ROLE_READY = Teil des Programms
UI_ROLE_OWN = Rolle des Konzerns
UI_ROLE_READY_SAID = Diese Rolle ist Teil des Programms und lässt sich nicht ändern. Definieren Sie eine eigene, wo sie nicht passt.
UI_ROLE_NAME_HINT = 2 bis 64 Kleinbuchstaben, Ziffern und _.
UI_NOBODY_HOLDS = Niemand hat diese Berechtigung.
UI_MYSELF = Ich selbst
UI_WHOLE_GROUP = Der ganze Konzern
UI_ASK = Abfragen
UI_ALLOWED = Erlaubt
UI_NOT_ALLOWED_NOW = Nicht erlaubt
UI_ROLES_THAT_GIVE = Rollen, die sie geben würden:
UI_WHO_COULD_GIVE = Wer sie geben könnte:
UI_DELEGATOR = Von
UI_DELEGATE = An
UI_DELEGATE_NOW = Delegieren
UI_DELEGATIONS_SAID = Eine Delegation verleiht einige Ihrer eigenen Berechtigungen bis zu einem Zeitpunkt. Sie reicht so weit wie Ihre Rechte und nie weiter.
UI_TYPED_AT = In der Zeitzone { $zone }.
UI_TO_REVIEW = Zu prüfen
UI_REVIEWED = Geprüft
UI_NO_EMERGENCIES = Niemand hat einen Notfallzugriff geöffnet.
UI_OPEN_EMERGENCY = Notfallzugriff öffnen
UI_EMERGENCIES_SAID = Ein Notfallzugriff öffnet Berechtigungen für höchstens eine Stunde. Er wird gemeldet, und jemand anderes prüft ihn.
UI_EMERGENCY_OF = Notfallzugriff von { $name }
UI_END_EMERGENCY = Jetzt beenden
UI_REVIEW_NOW = Prüfen
UI_WHAT_WAS_FOUND = Ergebnis der Prüfung
UI_TICKET = Ticket
UI_REASON_TWENTY = Mindestens 20 Zeichen; wer prüft, liest ihn.
UI_FOR_HOW_LONG = Dauer
UI_MINUTES =
    { $count ->
        [one] { $count } Minute
       *[other] { $count } Minuten
    }
UI_SERVICE_ACCOUNT = Dienstkonto
UI_NEW_SERVICE_ACCOUNT = Neues Dienstkonto
UI_SERVICE_ACCOUNT_SAID = Ein Programm hat ein eigenes Konto, mit Rollen wie eine Person und mit Schlüsseln statt eines Passworts.
UI_NEW_KEY = Neuer Schlüssel
UI_API_KEY = API-Schlüssel
UI_KEYS_SAID = Programme tauschen einen Schlüssel gegen ein Token, das zehn Minuten gilt. Ein Schlüssel lässt sich auf einige Berechtigungen seines Kontos beschränken.
UI_KEY_PERMISSIONS_HINT = Namen, durch Kommas getrennt; leer bedeutet alle, die das Konto hat.
UI_KEY_YEAR = Höchstens 366 Tage voraus.
UI_NO_KEY = Noch kein Schlüssel
UI_ALL_OF_ACCOUNT = Alle des Kontos
UI_LAST_USED = Zuletzt verwendet
UI_REVOKE_KEY = Schlüssel widerrufen
UI_REVOKE_KEY_SAID = Das Programm mit diesem Schlüssel kann sich nicht mehr anmelden. Das lässt sich nicht rückgängig machen.
UI_NO_PROVIDERS = Ihre Personen melden sich über keinen anderen Anbieter an.
UI_NEW_PROVIDER = Anbieter hinzufügen oder ändern
UI_PROVIDERS_SAID = Tragen Sie beim Anbieter als Rücksprungadresse die Adresse dieser Konsole ein, gefolgt von { $path }.
UI_ISSUER = Aussteller
UI_CLIENT_ID = Client-ID
UI_CLIENT_SECRET = Client-Secret
UI_CLIENT_SECRET_HINT = Leer bei einem Client ohne Secret. Es wird nie wieder angezeigt.
UI_CLAIM = Claim des Anmeldenamens
UI_CLAIM_HINT = Etwa email, das nur verifiziert akzeptiert wird.
UI_REDIRECT = Rücksprungadresse
UI_PROVIDER_NAME_HINT = Danach wählen Personen ihn aus: 2 bis 50 Kleinbuchstaben, Ziffern und -.
UI_PROVIDER_REGION_HINT = Die Region, deren Personen ihn verwenden dürfen, oder * für alle.
UI_SSO = Über Ihre Organisation anmelden
UI_SSO_PROVIDER = Name des Anbieters
UI_SSO_SAID = Sie werden zum Anbieter Ihrer Organisation weitergeleitet und melden sich dort an.
UI_GO_ON = Weiter
UI_SESSIONS = Sitzungen
UI_THIS_ONE = Diese
UI_END_SESSION = Beenden
UI_END_ALL_SESSIONS = Überall abmelden
UI_CHANGE_PASSWORD = Passwort ändern
UI_CHANGE_PASSWORD_SAID = Ihre anderen Sitzungen enden.
UI_ADD_FACTOR = Zweiten Faktor hinzufügen
UI_REMOVE_FACTOR = Zweiten Faktor entfernen
UI_FACTOR_SAID = Öffnen Sie Ihre Authenticator-App, fügen Sie diesen Schlüssel hinzu, und geben Sie die sechs Ziffern ein, die sie anzeigt.
UI_FACTOR_SECRET = Schlüssel
UI_FACTOR_OPEN = In einer Authenticator-App auf diesem Gerät öffnen
UI_CODE_OF_NEW = Die sechs Ziffern, die die Authenticator-App jetzt anzeigt.
UI_CONFIRM = Bestätigen
UI_RECOVERY_CODE = Wiederherstellungscode
UI_RECOVERY_SAID = Jeder davon ersetzt einmal einen Code, falls die Authenticator-App verloren geht. Sie werden nicht noch einmal angezeigt.
WORD_SCOPE_KIND_SELF = Sich selbst
WORD_SCOPE_KIND_REPORTS = Die eigenen Mitarbeitenden
WORD_SCOPE_KIND_UNIT = Eine Einheit
WORD_SCOPE_KIND_SUBTREE = Eine Einheit und alle darunter
WORD_SCOPE_KIND_LEGAL_ENTITY = Eine Gesellschaft
WORD_SCOPE_KIND_REGION = Eine Region
WORD_SCOPE_KIND_TENANT = Der ganze Konzern
WORD_ROLE_AGENT = Servicekraft
WORD_ROLE_SUPERVISOR = Teamleitung
WORD_ROLE_BRANCH_HR = HR der Niederlassung
WORD_ROLE_GROUP_HR = HR des Konzerns
WORD_ROLE_COMPENSATION_SPECIALIST = Vergütungsfachkraft
WORD_ROLE_APPROVER = Genehmigende Person
WORD_ROLE_INTEGRATOR = Integrator
WORD_ROLE_AUDITOR = Revision
WORD_ROLE_PLATFORM_OPERATOR = Plattformbetreiber
WORD_ROLE_GROUP_ADMIN = Konzernadministration
WORD_LOGIN_KIND_PERSON = Person
WORD_LOGIN_KIND_USER = Niemand Bestimmtes
WORD_LOGIN_KIND_SERVICE_ACCOUNT = Programm
WORD_GRANT_VERDICT_ALLOWS = Erlaubt das
WORD_GRANT_VERDICT_OUT_OF_REACH = Ihre Rolle gibt die Berechtigung, aber sie reicht nicht bis hierher
WORD_GRANT_VERDICT_CONDITION_UNMET = Mit zweitem Faktor oder zu einer anderen Uhrzeit würde sie das erlauben
WORD_GRANT_VERDICT_NOT_NOW = An anderen Tagen würde sie das erlauben
WORD_GRANT_VERDICT_NOT_ENTITLED = Der Konzern hat das Modul nicht
WORD_GRANT_VERDICT_ROLE_LACKS = Ihre Rolle gibt die Berechtigung nicht
WORD_MODULE_IDENTITY = Identität
WORD_MODULE_ATTENDANCE = Anwesenheit
WORD_MODULE_PERFORMANCE = Leistung
WORD_MODULE_COMPENSATION = Vergütung
WORD_MODULE_TALENT = Talent
WORD_MODULE_SUITE = Alle Teile
DONE_GRANT_GIVEN = Die Rolle ist zugewiesen.
DONE_GRANT_TAKEN = Die Rolle ist entzogen.
DONE_ROLE_DEFINED = Die Rolle ist gespeichert.
DONE_DELEGATED = Delegiert.
DONE_DELEGATION_ENDED = Die Delegation ist beendet.
DONE_EMERGENCY_OPENED = Der Notfallzugriff ist offen; er wurde gemeldet.
DONE_EMERGENCY_ENDED = Der Notfallzugriff ist beendet.
DONE_EMERGENCY_REVIEWED = Die Prüfung ist gespeichert.
DONE_ACCOUNT_MADE = Das Konto ist angelegt.
DONE_KEY_REVOKED = Der Schlüssel ist widerrufen.
DONE_PROVIDER_KEPT = Der Anbieter ist gespeichert.
DONE_PROVIDER_REMOVED = Der Anbieter ist entfernt.
DONE_PASSWORD_CHANGED = Das Passwort ist geändert; Ihre anderen Sitzungen sind beendet.
DONE_FACTOR_REMOVED = Der zweite Faktor ist entfernt.
DONE_SESSION_ENDED = Die Sitzung ist beendet.
DONE_SESSIONS_ENDED = Sie sind überall abgemeldet.
SSO_OF_ANOTHER_BROWSER = diese Anmeldung wurde in einem anderen Browser oder vor zu langer Zeit begonnen: beginnen Sie hier neu

## Console: people and structure

NAV_ORG = Organigramm
NAV_CORRECTIONS = Korrekturen
NAV_ACCOUNTS = Konten
NAV_ALIASES = Aliasse
NAV_DEVICES = Geräte
NAV_SITES = Standorte
NAV_CATALOGUE = Positionen und Stufen
UI_ABOUT = Betrifft
UI_ACCOUNT = Konto
UI_ACCOUNT_HINT = So, wie man sich damit auf der Plattform anmeldet.
UI_ACTIONS = Ändern
UI_ADD_ACCOUNT = Konto hinzufügen
UI_ADD_ALIAS = Alias hinzufügen
UI_ADD_DEVICE = Gerät hinzufügen
UI_ADD_ENTRY = Position oder Stufe hinzufügen
UI_ADD_PERSON = Person hinzufügen
UI_ADD_PHASE = Nutzung ändern
UI_ADD_PHASE_SAID = Die Tage davor bleiben, wie sie sind. Es lässt sich nur eine spätere Phase hinzufügen: Vergangenes bleibt, wie es angegeben wurde.
UI_ADD_SITE = Standort hinzufügen
UI_ADD_UNIT = Einheit hinzufügen
UI_ADD_UNIT_BELOW = Einheit darunter hinzufügen
UI_AFTER = Nachher
UI_ALIAS = Alias
UI_ALIAS_END = Alias beenden
UI_ALIAS_MOVE = Jemand anderem geben
UI_ALL_STATES = Alle
UI_ALWAYS = Immer
UI_APPROVE = Genehmigen
UI_APPROVED = Genehmigt
UI_ASKED = Beantragt
UI_ASKED_AT = Beantragt am
UI_ASKED_BY = Beantragt von
UI_AS_HOME = Leer: wie in der Hauptbeschäftigung.
UI_AT_ONCE = Gleichzeitige Dialoge
UI_AT_ONCE_HINT = Wie viele eine Person gleichzeitig führen kann: 1 bei Sprache.
UI_BACKDATED = Es soll vor diesem Monat beginnen: abgeschlossene Monate werden dann nach heutigem Wissensstand gelesen
UI_BEFORE = Vorher
UI_CATALOGUE_SAID = Derselbe Code noch einmal, mit späterem erstem Tag, sagt, was ab dann gilt. Ohne jeden Eintrag darf jede Position und jede Stufe geschrieben werden.
UI_CODE_NAME = Code
UI_CODE_NAME_HINT = Was Beschäftigungen nennen, etwa agent oder P3.
UI_CORRECTION_ABOUT_YOU = Das betrifft Sie: jemand anderes entscheidet.
UI_CORRECTION_DECIDE = Jemand anderes hat das beantragt. Ab Ihrer Genehmigung zählt es.
UI_CORRECTION_LOOK = Es wartet auf jemanden, der Korrekturen genehmigen darf.
UI_CORRECTION_OVER = Es gibt nichts mehr zu entscheiden.
UI_CORRECTION_OWN = Sie haben das beantragt: jemand anderes entscheidet. Solange es wartet, können Sie es zurückziehen.
UI_COUNTS_NO_MORE = Das zählt nicht mehr und bleibt aufgeführt, denn nichts Erfasstes wird entfernt.
UI_CUT_OVER = Ende des Arbeitstags
UI_CUT_OVER_HINT = Um diese Uhrzeit in der Nacht endet ein Arbeitstag und beginnt der nächste.
UI_DEED_CANCEL = Geplantes verwerfen
UI_DEED_CANCEL_SAID = Was ab diesem Tag geplant war, geschieht nicht; was heute gilt, bleibt.
UI_DEED_CORRECT_START = Ersten Tag korrigieren
UI_DEED_CORRECT_START_SAID = Für einen falsch notierten ersten Tag. Was vorher bekannt war, bleibt gespeichert.
UI_DEED_END = Beschäftigung beenden
UI_DEED_END_SAID = Mit diesem Tag enden auch alle Zusatzbeschäftigungen und Abwesenheiten.
UI_DEED_END_LEAVE = Abwesenheit beenden
UI_DEED_END_LINE = Berichtslinie beenden
UI_DEED_END_POST = Zusatzbeschäftigung beenden
UI_DEED_LEAVE = Abwesenheit
UI_DEED_LINE = Führungskraft festlegen
UI_DEED_LINE_SAID = Eine direkte Berichtslinie ersetzt für ihre Tage die geltende.
UI_DEED_POST = Abordnung oder parallele Beschäftigung
UI_DEED_RECTIFY = Name oder Nummer berichtigen
UI_DEED_RECTIFY_SAID = Nur für falsch Geschriebenes. Das falsche Wort ist dann weg; das Audit-Protokoll hält fest, dass es geändert wurde.
UI_DEED_REHIRE = Wiedereinstellung
UI_DEED_TRANSFER = Versetzung oder Beförderung
UI_DEED_TRANSFER_SAID = Ab diesem Tag; Früheres bleibt. Eine andere Stufe ist eine Beförderung.
UI_DEVICE = Gerät
UI_DEVICES_ALIASES = Aliasse und Geräte
UI_DEVICE_END = Gerät beenden
UI_DEVICE_HINT = Wie der Arbeitsplatz oder die Plattform es nennt, Groß- und Kleinschreibung unverändert.
UI_DEVICE_MOVE = Jemand anderem geben
UI_EMPLOYED_AS = Beschäftigt als
UI_EMPLOYEE_NO_HINT = Die Nummer des Konzerns für diese Person; niemand sonst hat sie.
UI_EMPLOYMENTS = Beschäftigungen
UI_EMPTY_STAYS = Leer: bleibt, wie es ist.
UI_EVIDENCE = Beleg
UI_EXCLUSIVE = Eine Person zur Zeit
UI_EXCLUSIVE_FIELD = Nur eine Person darf es gleichzeitig haben
UI_FACT = Sachverhalt
UI_FACTS = Stammdaten
UI_FROM_BEGINNING_HINT = Leer: von Anfang an.
UI_FROM_ON = Ab { $from }
UI_FROM_TIME = Von
UI_FROM_TO = { $from } bis { $to }
UI_FROM_WHEN = Ab wann
UI_GONE_UNITS = Geschlossene Einheiten
UI_HANDOVER = Übergabe
UI_HIDDEN = für Sie verborgen
UI_HISTORY = Verlauf
UI_ID_NUMBER = Ausweisnummer
UI_ITS_ZONE = Zeitzone
UI_KNOWN_ON = Kenntnisstand vom
UI_LADDER = Rang der Stufe
UI_LADDER_HINT = Nur für Stufen, ab 1: höher bedeutet mehr.
UI_LEAVES = Abwesenheiten
UI_LEAVE_KIND = Warum
UI_LEAVE_REASON = Grund in Worten
UI_LEAVE_REASON_HINT = Das liest nur, wer lesen darf, warum jemand abwesend ist.
UI_LINE_KIND = Art der Berichtslinie
UI_LOOK = Auswirkungen anzeigen
UI_MANAGER = Führungskraft
UI_MERGE_ALSO = Und auch diese Einheit
UI_MERGE_INTO = In welche Einheit
UI_MOVE_PEOPLE_HINT = Nötig, solange dort jemand beschäftigt ist.
UI_MOVE_PEOPLE_TO = Personen und Konten gehen an
UI_NAME_HIDDEN = Name für Sie verborgen
UI_NEW_PARENT = Unter welcher Einheit
UI_NEW_PERSON = Wer es ab dann ist
UI_NOBODY = Niemand
UI_NOBODY_CALLED = nichts in der Liste heißt „{ $text }“: wählen Sie etwas aus der Liste
UI_NONE_KNOWN = keine bekannt
UI_NOTHING_AFTER = Es ist nie geschehen oder zählt nicht mehr.
UI_NOTHING_BEFORE = Es war nichts erfasst.
UI_NOT_EMPLOYED = An diesem Tag nicht beschäftigt
UI_NOT_SAID = keine Angabe
UI_NO_ACCOUNTS = Wo Sie lesen dürfen, gibt es keine Konten: fügen Sie das erste hinzu, oder spielen Sie sie als Datei ein.
UI_NO_ALIASES = Wo Sie lesen dürfen, sind keine Aliasse bekannt.
UI_NO_CATALOGUE = An diesem Tag gibt es keinen Katalog: jede Position und jede Stufe darf geschrieben werden.
UI_NO_CORRECTIONS = In diesem Status gibt es keine Korrekturen.
UI_NO_CORRECTIONS_WAITING = Nichts wartet auf eine Entscheidung.
UI_NO_DEVICES = Wo Sie lesen dürfen, sind keine Geräte bekannt.
UI_NO_DEVICES_ALIASES = Für diese Person ist nichts bekannt.
UI_NO_EMPLOYMENTS = Wo Sie lesen dürfen, ist keine Beschäftigung bekannt.
UI_NO_LEAVES = Keine Abwesenheit bekannt.
UI_NO_MANAGER = Berichtet an diesem Tag an niemanden.
UI_NO_REASON = Kein Grund angegeben.
UI_NO_SITES = Es gibt noch keine Standorte: fügen Sie den ersten hinzu.
UI_NO_SLASH = ein einziger Name ohne „/“: die Einheit darüber wird gesondert gewählt
UI_NO_UNITS = Wo Sie lesen dürfen, gibt es an diesem Tag keine Einheiten.
UI_NO_USES = An diesen Tagen hat, soweit bekannt, niemand an einem Gerät gearbeitet.
UI_OF_PERSON = einer Person
UI_OF_SEAT = eines Arbeitsplatzes
UI_ONE_OF_BOTH = eine Person oder ein Arbeitsplatz, nicht beides
UI_ONLY_NEWEST = Nur die neuesten { $count } werden angezeigt: wählen Sie einen Status, um weniger zu sehen.
UI_ON_DAY = Am { $day }
UI_OPEN_END_HINT = Leer: kein Ende bekannt.
UI_ORG_COUNTED =
    { $units ->
        [one] 1 Einheit
       *[other] { $units } Einheiten
    }, { $count ->
        [one] 1 Person
       *[other] { $count } Personen
    }
UI_OWN_ZONE = Zeitzone
UI_PARENT_NOT_THERE = diese Einheit gibt es an diesem Tag nicht
UI_PATH = Pfad
UI_PATHS = Einheiten
UI_PEOPLE_BELOW = Personen mit allen Einheiten darunter

## Console: cycles

UI_SEVERAL_CALLED = mehrere heißen „{ $text }“: { $names }
NAV_CYCLES = Zyklen
NAV_SCHEMES = Bewertungsmodelle
NAV_MEASURES = Messgrößen
NAV_RUNS = Zurechnung
NAV_OBSERVATIONS = Beobachtungen
PAGE_OUTDATED = das Ergebnis wurde neu berechnet, seit Sie diese Seite geöffnet haben: sehen Sie es sich an, wie es jetzt ist, und senden Sie es noch einmal
UI_SAY_SURE = setzen Sie dieses Häkchen, um fortzufahren
UI_VERSION = Version
UI_INDICATORS = Kennzahlen
UI_NO_SCHEMES = Es gibt noch kein Bewertungsmodell. Beginnen Sie mit einer Vorlage unten oder mit einem neuen.
UI_REFINEMENT = Verfeinert einen Standard
UI_STANDARD = Standard
UI_STANDARD_BINDING = Standard, verbindlich
UI_OWN_SCHEME = Eigenständig
UI_WITHDRAWN_FROM = Außer Kraft ab { $day }
UI_IN_USE = In Kraft
UI_WITHDRAWN_BECAUSE = Außer Kraft ab { $day }: { $reason }
UI_SUPERSEDED_BY = Verwenden Sie stattdessen Version { $version }.
UI_NEW_SCHEME = Neues Bewertungsmodell
UI_SCHEME_TEMPLATES = Vorlagen für den Anfang
UI_BEGIN_WITH_IT = Damit beginnen
UI_NEW_VERSION = Neue Version
UI_REFINE_IT = Verfeinern
UI_WHAT_IT_IS = Stammdaten
UI_SIDE_BY_SIDE = Versionen nebeneinander
UI_BESIDE = neben Version
UI_DIFFERING =
    { $count ->
        [0] Sie sind in allem gleich.
        [one] Eine Zeile unterscheidet sich; sie ist markiert.
       *[other] { $count } Zeilen unterscheiden sich; sie sind markiert.
    }
UI_DIFFERS = (abweichend)
UI_REFINEMENTS = Bewertungsmodelle, die es verfeinern
UI_SCORED_BY_IT = Danach bewertete Zyklen
UI_WITHDRAW_SCHEME = Außer Kraft setzen
UI_WITHDRAW_VERSION_HINT = Leer: das ganze Bewertungsmodell.
UI_WITHDRAW_FROM = Ab diesem Tag
UI_SUPERSEDED = Stattdessen zu verwendende Version
UI_SUPERSEDED_HINT = Leer: keine.
UI_VERSION_N = Version { $version }
UI_NAME_VERSION = { $name }, Version { $version }
UI_REFINES = Verfeinert
UI_COLLABORATION = Punkte für Zusammenarbeit kommen hinzu
UI_COLLABORATION_POINTS = Punkte für Zusammenarbeit
UI_CURRENCY = Währung
UI_CURRENCY_HINT = Drei Buchstaben, etwa CNY. Leer: die des Konzerns.
UI_WRITTEN_IN = Geschrieben in Region
UI_INDICATOR_OF_TARGET = Zählt { $weight } von 100. Ziel: { $target } ({ $direction }); Punkte im Verhältnis dazu, mindestens { $floor } und höchstens { $cap }.
UI_INDICATOR_OF_GROUP = Zählt { $weight } von 100 ({ $direction }). Punkte: { $how }, mindestens { $floor } und höchstens { $cap }.
UI_INDICATOR_SMALL = Bei weniger als { $small } gemessenen Vorgängen wird sie zum Durchschnitt der Gruppe hin gezogen.
UI_TEAM_MEDIAN = der Median des Teams
UI_WEIGHT_BETWEEN = Eine Verfeinerung darf sie mit { $least } bis { $most } gewichten.
UI_WEIGHT_FIXED = Eine Verfeinerung behält sie, wie sie ist.
UI_MAY_BE_LEFT_OUT = Sie darf entfallen.
UI_WEIGHT = Gewicht
UI_TARGET = Ziel
UI_TARGET_HINT = Leer: der Median des Teams.
UI_DIRECTION = Richtung
UI_HOW_POINTS = Umrechnung in Punkte
UI_FLOOR_CAP = Unter- und Obergrenze der Punkte
UI_FLOOR = Untergrenze
UI_CAP = Obergrenze
UI_SMALL_SAMPLE = Kleine Stichprobe unter
UI_SMALL_SAMPLE_HINT = Unter so vielen Vorgängen wird ein Wert zu dem der Gruppe hin gezogen. Leer: nie.
UI_UNIT_OF_MEASURE = Maßeinheit
UI_KEY = Kurzname
UI_KEY_HINT = Leer: aus der Messgröße gebildet.
UI_MAY_BE_REFINED = Einheiten darunter dürfen es verfeinern
UI_MUST_BE_REFINED = Einheiten darunter dürfen nur Bewertungsmodelle haben, die es verfeinern
UI_WITHIN = Gewicht darf abweichen um
UI_WITHIN_HINT = Punkte mehr oder weniger in einer Verfeinerung. Leer: gar nicht.
UI_MEASURE = Messgröße
UI_INDICATOR_N = Kennzahl { $number }
UI_FROM_VERSION = Ausgehend von Version { $version }. Die Versionen davor bleiben, wie sie sind.
UI_FROM_STANDARD = Verfeinert { $name }, Version { $version }: ändern Sie, was der Standard offenlässt.
UI_FROM_TEMPLATE = Ausgehend von einer Vorlage. Tragen Sie Ihre eigenen Ziele ein.
UI_FROM_NOTHING = Geben Sie an, was zählt und wie viel: die Gewichte ergeben zusammen genau 100.
UI_NEW_VERSION_OF = Neue Version von { $name }
UI_SUM_WHOLE = Die Gewichte ergeben { $said }: Sie können speichern.
UI_SUM_SHORT = Die Gewichte ergeben { $said } von 100: { $rest } fehlen.
UI_SUM_OVER = Die Gewichte ergeben { $said }: { $rest } mehr als 100.
UI_CHECK = Prüfen
UI_ADD_INDICATOR = Kennzahl hinzufügen
UI_UNIT_OR_GROUP_HINT = Leer: der ganze Konzern.
UI_NEW_MEASURE = Neue Messgröße
UI_NO_MEASURES = Es gibt noch keine Messgröße.
UI_NO_MEASURE = diese Messgröße gibt es nicht, oder sie ist für Sie nicht sichtbar
UI_MEASURES_WHAT = Was sie misst
UI_SUPPLIED = Eingebaut
UI_RETIRED = Außer Gebrauch
UI_RETIRED_BECAUSE = { $at }: { $reason }
UI_REVISION = Revision
UI_RETIRE = Außer Gebrauch nehmen
UI_RETIRE_SAID = Keine neue Version eines Bewertungsmodells darf sie dann nennen. Vorhandene Versionen behalten ihre Kopie.
UI_CHANGE_IT = Ändern
UI_MEASURE_OTHER_KIND = Woraus diese Messgröße besteht, lässt sich über die API ändern; Name, Einheit und Richtung hier.
UI_TITLE_EN = Name auf Englisch
UI_TITLE_ZH = Name auf Chinesisch
UI_MEASURE_KEY_HINT = So nennen Bewertungsmodelle sie, etwa quality_check. Ändert sich nie.
UI_MIN_COUNT = Mindestanzahl
UI_MIN_COUNT_HINT = Bei weniger gilt nichts als gemessen. Leer: keine Regel.
UI_OF_RECORDS = Aus Vorgängen
UI_OF_OBSERVATIONS = Aus Beobachtungen
UI_OF_RATIO = Eine Messgröße durch eine andere
UI_OBSERVED_OF = Beobachtet an
UI_AGGREGATION = Zusammenfassung der Werte
UI_RECORD_VALUE = Wert des Vorgangs
UI_RECORD_VALUE_HINT = first_reply_seconds, duration_seconds, resolved, rating, amount oder eine eigene Spalte. Leer, wenn Vorgänge gezählt werden.
UI_TEST = Gilt als ja
UI_TEST_VALUE = Vergleichswert
UI_RECORD_KINDS = Arten von Vorgängen
UI_LIST_HINT = Mehrere durch Kommas trennen. Leer: alle.
UI_RATIO_OF = Was geteilt wird
UI_RATIO_PER = Wodurch
UI_IN_PERCENT = In Prozent
UI_NEW_CYCLE = Neuer Zyklus
UI_NO_CYCLES = Wo Sie lesen dürfen, gibt es noch keinen Zyklus. Legen Sie einen für einen Monat an, und schließen Sie ihn ab, wenn die Vorgänge da sind.
UI_PERIOD = Zeitraum
UI_SCHEME = Bewertungsmodell
UI_PEOPLE_IN = Personen mit Scorecard
UI_PUBLISHED_AT = Veröffentlicht
UI_CORRECTION_OF = Korrektur von { $name }
UI_MAKE_CYCLE = Zyklus anlegen
UI_POPULATION = Personenkreis
UI_POPULATION_SAID = Leer: alle der Einheit und darunter.
UI_POSITIONS = Positionen
UI_GRADES = Stufen
UI_INCLUDE = Zusätzlich
UI_EXCLUDE = Ausgenommen
UI_PEOPLE_HINT = Personalnummern, durch Kommas getrennt oder eine je Zeile.
UI_AS_OF_DAY = Beschäftigung am
UI_AS_OF_DAY_HINT = Leer: der letzte Tag des Zeitraums.
UI_PREVIEW_POPULATION = Vorschau des Personenkreises
UI_IS_IN = Gehört dazu
UI_IS_OUT = Gehört nicht dazu
UI_WHY = Warum
UI_EVERYBODY_OF_UNIT = Alle der Einheit und darunter
UI_RUN = Zurechnungslauf
UI_OPEN_RUN = Lauf öffnen
UI_CORRECTS = Korrigiert
UI_OPEN_CORRECTED = Veröffentlichtes Ergebnis öffnen
UI_RESULT_VERSION = Version des Ergebnisses
UI_STEP_MADE = Angelegt
UI_STEP_TO_CLOSE = Abzuschließen, sobald die Vorgänge da sind
UI_STEP_CLOSING = Abschluss läuft: Vorgänge werden zugerechnet, Scorecards bewertet
UI_STEP_FAILED = Abschluss fehlgeschlagen
UI_STEP_CLOSED = Abgeschlossen: jede Scorecard ist bewertet
UI_STEP_REVIEW = Zu prüfen und zu veröffentlichen
UI_STEP_PUBLISHED = Veröffentlicht: alle kennen das Ergebnis
UI_PROGRESS = Fortschritt
UI_LOOK_AGAIN = Aktualisieren
UI_DONE_OF = { $done } von { $total }
UI_WAITS_FOR_WORKER = Wartet, bis es an der Reihe ist
UI_CLOSE_CYCLE = Zyklus abschließen
UI_CLOSE_AGAIN = Erneut abschließen
UI_CANCEL_CLOSING = Abschluss abbrechen
UI_CANCEL_CORRECTION = Korrektur verwerfen
UI_CANCEL_SAID = Was berechnet wurde, wird verworfen; sonst ändert sich nichts.
UI_CORRECT_CYCLE = Ergebnis korrigieren
UI_CORRECT_SAID = Es wird nach den jetzigen Sachverhalten neu berechnet, neben dem veröffentlichten Ergebnis; vor der Veröffentlichung erfährt es niemand.
UI_CORRECT_REASON_HINT = Alle mit einer Scorecard lesen ihn.
UI_SCHEME_VERSION = Version des Bewertungsmodells
UI_SCHEME_VERSION_HINT = Leer: die bisher verwendete.
UI_PUBLISH_RESULT = Ergebnis veröffentlichen
UI_PUBLISH_SURE = Ja, alle dürfen es erfahren
UI_PUBLISH_SAID = Alle mit einer Scorecard sehen es, und die Vergütung geht davon aus. Ein veröffentlichtes Ergebnis ändert sich nie; es lässt sich nur durch eine weitere Version korrigieren.
UI_PUBLISH_NOT_YOURS = Veröffentlichen darf hier jemand anderes.
UI_PUBLISHED_ALREADY = Dieses Ergebnis ist bereits veröffentlicht; nichts wurde doppelt ausgeführt.
UI_PUBLISH_NOTHING_YET = Es gibt noch kein Ergebnis zu veröffentlichen: schließen Sie zuerst den Zyklus ab.
UI_BACK_TO_CYCLE = Zurück zum Zyklus
UI_REVIEW = Das Ergebnis
UI_RECORDS = Vorgänge
UI_CREDITED = Zugerechnet
UI_UNATTRIBUTED = Niemandem zugerechnet
UI_CREDITED_WITHIN = Im Personenkreis zugerechnet
UI_CREDITED_OUTSIDE =
    { $people ->
        [one] { $records } einer anderen Person
       *[other] { $records } { $people } anderen Personen
    }
UI_CORRECTED_PEOPLE = Personen mit abweichender Scorecard
UI_HOW_CREDITED = Wie Vorgänge zugerechnet wurden
UI_DISTRIBUTION = Verteilung der Punktzahlen
UI_SCORE_BETWEEN = { $from } bis unter { $to }
UI_PEOPLE_COUNT =
    { $count ->
        [one] 1 Person
       *[other] { $count } Personen
    }
UI_PEOPLE_HERE = Personen direkt in dieser Einheit
UI_PEOPLE_OF =
    { $count ->
        [one] 1 Person
       *[other] { $count } Personen
    }, davon { $own } hier
UI_PERSON_OR_SEAT = Person oder Arbeitsplatz
UI_PERSON_OR_SEAT_HINT = Geben Sie die Person oder den Arbeitsplatz an.
UI_PHASE = Nutzung
UI_PHASES = Nutzung nach Datum
UI_PHASE_HINT = Gemeinsam: mehrere Personen unter einem Namen. Persönlich: jeder Vorgang nennt seine Servicekraft. Gemischt: auf dem Weg dorthin.
UI_PLATFORM = Plattform
UI_POST = Art
UI_PUNCH = Stempelung
UI_REJECT = Ablehnen
UI_REJECTED = Abgelehnt
UI_REPORTS = Berichten an diese Person
UI_REPORTS_TO = Berichtet an
UI_RESULTS = Ergebnisse
UI_SEAT = Arbeitsplatz
UI_SEAT_HINT = Wie Dienstpläne ihn nennen; wer darauf eingeplant ist, arbeitet an dem Gerät.
UI_SEAT_UNIT = Einheit mit dem Arbeitsplatz
UI_SHIFT = Schicht
UI_SOME_HIDDEN = Einiges davon ist für Sie verborgen: Ihre Rollenzuweisungen öffnen es nicht.
UI_STORE = Shop
UI_TEAM = Team
UI_TEAM_HINT = Das Team, das es betreut. Leer: es gehört dem ganzen Konzern.
UI_TICK_SURE = setzen Sie zuerst dieses Häkchen
UI_TITLE = Anzeigename
UI_TODAY = Heute
UI_TOUCHES = Auswirkungen
UI_TOUCHES_SAID = Es wurde nichts geschrieben: das wäre die Wirkung.
UI_TO_TIME = Bis
UI_UNITS_BELOW = Einheiten darunter
UI_UNIT_CLOSE = Einheit schließen
UI_UNIT_CLOSE_SAID = Sie darf dann keine Einheiten unter sich haben. Ihre Personen und Konten gehen dorthin, wohin Sie angeben; die Vergangenheit bleibt.
UI_UNIT_KIND_HINT = Leer: oben eine Niederlassung, sonst ein Team.
UI_UNIT_MERGE = In eine andere Einheit überführen
UI_UNIT_MERGE_SAID = Einheiten darunter, Personen und Konten gehen an die andere Einheit, und diese schließt.
UI_UNIT_MOVE = Unter eine andere Einheit verschieben
UI_UNIT_MOVE_SAID = Ab diesem Tag mit allen Einheiten darunter; die Vergangenheit behält den alten Platz. Nur innerhalb einer Region.
UI_UNIT_NOT_ON_DAY = Diese Einheit gibt es an diesem Tag nicht: sie wird gezeigt, wie sie zuletzt war oder wie sie beginnt.
UI_UNIT_REGION_HINT = Für eine Niederlassung oben; Einheiten darunter haben die ihrer Niederlassung.
UI_UNIT_RENAME = Einheit umbenennen
UI_UNIT_RENAME_SAID = Ab diesem Tag; die Vergangenheit behält den alten Namen.
UI_UNTIL = Bis { $to }
UI_WENT_INTO = Aufgegangen in { $unit }
UI_WHAT = Was
UI_WHOLE_NUMBER = eine ganze Zahl
UI_WHOSE = Wessen
UI_WHO_USED_WHAT = Wer was benutzt hat
UI_WHY_HIDDEN = Grund für Sie verborgen
UI_WHY_NOT_SAID = Kein Grund angegeben
UI_WITHDRAW = Zurückziehen
UI_WITHDRAWN = Zurückgezogen
UI_YOU = Sie
UI_ZONE_HINT = Leer: die des Konzerns.
DONE_PERSON_ADDED = Die Person wurde hinzugefügt
DONE_PERSON_CHANGED = Die Änderung wurde gespeichert
DONE_ORG_CHANGED = Das Organigramm wurde geändert
DONE_ACCOUNT_ADDED = Das Konto wurde hinzugefügt
DONE_PHASE_ADDED = Die Änderung wurde gespeichert
DONE_ALIAS_CHANGED = Der Alias wurde gespeichert
DONE_DEVICE_CHANGED = Das Gerät wurde gespeichert
DONE_SITE_ADDED = Der Standort wurde hinzugefügt
DONE_ENTRY_ADDED = Der Eintrag wurde gespeichert
DONE_CORRECTION_APPROVED = Genehmigt: es zählt ab jetzt
DONE_CORRECTION_REJECTED = Abgelehnt
DONE_CORRECTION_WITHDRAWN = Zurückgezogen
WORD_POST_HOME = Hauptbeschäftigung
WORD_POST_CONCURRENT = Parallele Beschäftigung
WORD_POST_SECONDMENT = Abordnung
WORD_EMPLOYMENT_REASON_HIRE = Einstellung
WORD_EMPLOYMENT_REASON_REHIRE = Wiedereinstellung
WORD_EMPLOYMENT_REASON_TRANSFER = Versetzung
WORD_EMPLOYMENT_REASON_PROMOTION = Beförderung
WORD_EMPLOYMENT_REASON_SECONDMENT = Abordnung
WORD_EMPLOYMENT_REASON_CONCURRENT_POST = Parallele Beschäftigung
WORD_EMPLOYMENT_REASON_REORGANISATION = Umorganisation
WORD_LEAVE_KIND_SICK = Krankheit
WORD_LEAVE_KIND_WORK_INJURY = Arbeitsunfall
WORD_LEAVE_KIND_MATERNITY = Mutterschutz
WORD_LEAVE_KIND_PARENTAL = Elternzeit
WORD_LEAVE_KIND_CARE = Pflege von Angehörigen
WORD_LEAVE_KIND_UNPAID = Unbezahlt, auf eigenen Wunsch
WORD_LEAVE_KIND_OTHER = Sonstiges
UI_MOVERS = Größte Veränderungen
UI_AGAINST = Gegenüber { $name }
UI_NOBODY_MOVED = Niemandes Punktzahl ist anders.
UI_SCORE_RANK = { $score }, Rang { $rank }
UI_NOW = Jetzt
UI_DROPPED = Kennzahlen, die nicht gezählt haben
UI_FINDINGS = Auffälligkeiten
UI_FINDINGS_ALL =
    { $count ->
        [0] Nichts ist auffällig.
        [one] Eine Auffälligkeit.
       *[other] { $count } Auffälligkeiten.
    }
UI_FINDINGS_MORE =
    { $count ->
        [one] Die erste Auffälligkeit; es gibt weitere.
       *[other] Die ersten { $count } Auffälligkeiten; es gibt weitere.
    }
UI_FINDINGS_FIRST = Die ersten Auffälligkeiten
UI_CARDS = Scorecards
UI_NO_CARDS = Es gibt keine Scorecard, die Sie sehen dürfen.
UI_RANK = Rang
UI_SCORE = Punktzahl
UI_CREDITED_RECORDS = Zugerechnete Vorgänge
UI_COMPARE_CARDS = Scorecards vergleichen
UI_WITH_PERSON = Mit
UI_CHOOSE_PEOPLE = Wählen Sie oben Personen: ihre Scorecards stehen hier nebeneinander.
UI_CHANGED_SINCE = Seit der Berechnung geändert
UI_NOTHING_CHANGED = Nichts: ein erneuter Abschluss würde dasselbe ergeben.
UI_CHANGED_ACCOUNTS =
    { $accounts ->
        [one] Auf einem Konto ist etwas anders.
       *[other] Auf { $accounts } Konten ist etwas anders.
    }
UI_CHANGED_OBSERVATIONS =
    { $observations ->
        [one] Eine Beobachtung kam hinzu oder hat sich geändert.
       *[other] { $observations } Beobachtungen kamen hinzu oder haben sich geändert.
    }
UI_CHANGED_OTHERS =
    { $others ->
        [one] Außerdem ein Konto, das für Sie nicht sichtbar ist.
       *[other] Außerdem { $others } Konten, die für Sie nicht sichtbar sind.
    }
UI_CHANGED_RATE = Der Kurs von { $from } nach { $to } ist anders.
UI_CHANGES_REMOVED = Was älter als { $day } ist, wurde möglicherweise nach Ablauf der Aufbewahrungsfrist entfernt und gilt nicht als Änderung am Ergebnis.
UI_CHANGED_ON_ACCOUNT = Änderungen an Vorgängen: { $records }; Tage mit anderem Dienst: { $days }
UI_CARD = Scorecard
UI_OF_CARDS = von { $of }
UI_OUTSIDE_OWN = davon { $records } außerhalb des eigenen Dienstplans oder Teams
UI_POINTS_BY_INDICATOR = Punkte nach Kennzahl
UI_STEP_BY_STEP = Schritt für Schritt
UI_VALUE = Wert
UI_ADJUSTED = Nach der Regel für kleine Stichproben
UI_POINTS = Punkte
UI_WEIGHTED = Gewichtet
UI_MEASURED_ON = Gemessen an Vorgängen
UI_CARD_VERSIONS = Versionen dieser Scorecard
UI_VERSIONS_BESIDE = Versionen der Scorecard nebeneinander
UI_NO_CARD_THEN = keine Scorecard
UI_NOT_PUBLISHED_YET = Dieses Ergebnis ist noch nicht veröffentlicht: nur wer es prüft, sieht es.
UI_OPEN_PERSON = Person öffnen
UI_DIGEST = Prüfsumme der Eingaben
UI_NEW_RUN = Lauf starten
UI_NO_RUNS = Es gibt noch keinen Lauf. Der Abschluss eines Zyklus startet einen; diese Seite ebenso, bevor etwas bewertet ist.
UI_STARTED = Gestartet
UI_CYCLE = Zyklus
UI_RULES = Regeln
UI_PEOPLE_CREDITED = Personen mit Zurechnung
UI_ACCOUNTS = Konten
UI_TOTALS = Summen nach Person
UI_AT_LEAST = Mindestens
UI_AT_MOST = Höchstens
UI_NAMED_SHARE = Davon zweifelsfrei
UI_CANCEL_RUN = Lauf abbrechen
UI_START_RUN = Starten
UI_RUN_SAID = Rechnet die Vorgänge einiger Tage zu, damit Auffälliges korrigiert werden kann, bevor ein Zyklus abgeschlossen wird. Es entsteht keine Punktzahl.
UI_NO_OBSERVATIONS = Hier wurde nichts beobachtet. Beobachtungen kommen mit einem Import oder über die API aus anderen Systemen.
UI_NO_OBSERVATION = diese Beobachtung gibt es nicht mehr
UI_SOURCE = Quelle
UI_CAME_AT = Eingang
UI_COUNTS = Zählt
UI_WITH_VERSIONS = Auch, was nicht mehr zählt
UI_WITHDRAW_OBSERVATION = Beobachtung zurückziehen
UI_WITHDRAW_SAID = Sie zählt nicht mehr. Ihre Versionen bleiben mit Ihrem Grund lesbar.
WORD_CYCLE_STATE_OPEN = Offen
WORD_CYCLE_STATE_CLOSING = Abschluss läuft
WORD_CYCLE_STATE_REVIEWABLE = Zu prüfen
WORD_CYCLE_STATE_PUBLISHED = Veröffentlicht
WORD_CYCLE_STATE_FAILED = Fehlgeschlagen
WORD_ATTRIBUTION_RUN_STATE_RUNNING = Läuft
WORD_ATTRIBUTION_RUN_STATE_DONE = Fertig
WORD_ATTRIBUTION_RUN_STATE_FAILED = Fehlgeschlagen
WORD_ATTRIBUTION_RUN_STATE_CANCELLED = Abgebrochen
WORD_NORMALISATION_TARGET_PIECEWISE = Im Verhältnis zum Ziel
WORD_NORMALISATION_MIN_MAX = Zwischen dem kleinsten und dem größten Wert der Gruppe
WORD_NORMALISATION_PERCENTILE = Anteil der Gruppe mit höchstens diesem Wert
WORD_NORMALISATION_T_SCORE = Abstand vom Mittelwert der Gruppe (T-Wert)
WORD_DIRECTION_HIGHER = mehr ist besser
WORD_DIRECTION_LOWER = weniger ist besser
WORD_REFINEMENT_STATE_UP_TO_DATE = Aktuell
WORD_REFINEMENT_STATE_BEHIND_BUT_FITS = Zurück, passt aber
WORD_REFINEMENT_STATE_MUST_FOLLOW = Muss nachziehen
WORD_REFINEMENT_STATE_PARENT_WITHDRAWN = Ihr Standard ist außer Kraft
WORD_POPULATION_REASON_FITS = Entspricht allen Angaben
WORD_POPULATION_REASON_NAMED_IN = Namentlich aufgenommen
WORD_POPULATION_REASON_NAMED_OUT = Namentlich ausgenommen
WORD_POPULATION_REASON_NOT_EMPLOYED = Im Zeitraum nicht beschäftigt
WORD_POPULATION_REASON_OTHER_UNIT = An dem Tag in einer anderen Einheit
WORD_POPULATION_REASON_OTHER_POSITION = An dem Tag in einer anderen Position
WORD_POPULATION_REASON_OTHER_GRADE = An dem Tag in einer anderen Stufe
WORD_POPULATION_REASON_OTHER_EMPLOYMENT_KIND = An dem Tag in einer anderen Beschäftigungsart
WORD_POPULATION_REASON_EMPLOYMENT_KIND_NOT_SAID = Keine Angabe zur Beschäftigungsart
WORD_DROP_REASON_NOBODY_HAS_DATA = niemand hat Daten
WORD_DROP_REASON_NO_DATA_OF_PERSON = keine Daten zu dieser Person
WORD_DROP_REASON_NO_TARGET = der Median ist nicht größer als null, daher gibt es kein Ziel
WORD_DROP_REASON_TOO_LARGE = die Zahl ist zu groß zum Rechnen
WORD_DROP_REASON_TOO_LARGE_ELSEWHERE = die Zahl einer anderen Person ist zu groß zum Rechnen
WORD_DROP_REASON_NO_PAST = kein früherer Wert zum Vergleich
WORD_PERSON_CHANGE_KIND_EMPLOYMENT = andere Einheit oder an anderen Tagen beschäftigt
WORD_PERSON_CHANGE_KIND_CAME_IN = ist hinzugekommen
WORD_PERSON_CHANGE_KIND_WENT_OUT = gehört nicht mehr dazu
WORD_PERSON_CHANGE_KIND_PAST = hatte in früheren Zyklen etwas anderes
WORD_OBSERVATION_END_REVISED = Überarbeitet
WORD_OBSERVATION_END_WITHDRAWN = Zurückgezogen
WORD_EMPLOYMENT_KIND_FULL_TIME = Vollzeit
WORD_EMPLOYMENT_KIND_PART_TIME = Teilzeit
WORD_EMPLOYMENT_KIND_FIXED_TERM = Befristet
WORD_EMPLOYMENT_KIND_INTERN = Praktikum
WORD_EMPLOYMENT_KIND_AGENCY = Zeitarbeit
WORD_EMPLOYMENT_KIND_OUTSOURCED = Ausgelagert
WORD_EMPLOYMENT_KIND_FREELANCE = Freiberuflich
WORD_ORG_UNIT_KIND_UNSPECIFIED = Einheit
WORD_ORG_UNIT_KIND_GROUP = Konzern
WORD_ORG_UNIT_KIND_LEGAL_ENTITY = Gesellschaft
WORD_ORG_UNIT_KIND_BRANCH = Niederlassung
WORD_ORG_UNIT_KIND_DEPARTMENT = Abteilung
WORD_ORG_UNIT_KIND_TEAM = Team
WORD_REPORTING_LINE_KIND_UNSPECIFIED = Berichtslinie
WORD_REPORTING_LINE_KIND_SOLID = Direkte Berichtslinie: zuständig
WORD_REPORTING_LINE_KIND_DOTTED = Gepunktete Berichtslinie: weitere Führungskraft
WORD_CATALOGUE_KIND_UNSPECIFIED = Eintrag
WORD_CATALOGUE_KIND_POSITION = Position
WORD_CATALOGUE_KIND_GRADE = Stufe
WORD_PHASE_KIND_UNSPECIFIED = Keine Angabe
WORD_PHASE_KIND_SHARED = Gemeinsam
WORD_PHASE_KIND_MIXED = Gemischt
WORD_PHASE_KIND_NAMED = Persönlich
WORD_FACT_STATE_UNSPECIFIED = Zählt
WORD_FACT_STATE_COUNTS = Zählt
WORD_FACT_STATE_VOIDED = Gestrichen
WORD_FACT_STATE_MOVED = Ersetzt
WORD_CORRECTION_ACTION_UNSPECIFIED = Korrigieren
WORD_CORRECTION_ACTION_ADD = Vergessenes ergänzen
WORD_CORRECTION_ACTION_VOID = es ist nie geschehen
WORD_CORRECTION_ACTION_MOVE = es ist anders geschehen
WORD_CORRECTION_ACTION_CHANGE = ab jetzt etwas anderes
WORD_CORRECTION_ACTION_CANCEL = aus dem Dienstplan nehmen
WORD_CORRECTION_ACTION_END = endet
WORD_CORRECTION_STATE_UNSPECIFIED = Nur Vorschau

## Console: mine

NAV_TODAY = Heute
NAV_MONTH = Mein Monat
NAV_MY_PAY = Meine Vergütung
NAV_FACTS = Meine Zeiten
UI_MINE_ZONE = Zeiten gelten für { $zone }.
UI_MINE_ZONE_OTHER = Zeiten gelten für { $zone }, wie von Ihnen gewählt; Sie arbeiten in { $site }, und Tage sind die Tage dort.
UI_MINE_LASTS = { $hours } h { $minutes } min
UI_MINE_LASTS_COLUMN = Arbeitszeit
UI_MINE_ACCOUNT = Konto … { $code }
UI_MINE_ACCOUNT_COLUMN = Konto
UI_MINE_FREE = Heute ist nichts geplant
UI_MINE_AHEAD = Ihre Schicht beginnt um { $at }
UI_MINE_LATE = Ihre Schicht begann um { $at }; Sie haben nicht eingestempelt
UI_MINE_ABSENT = Geplant, aber keine Stempelung
UI_MINE_IN = Eingestempelt seit { $at }
UI_MINE_MISSING = Eine Stempelung fehlt
UI_MINE_WAS = Anwesend: { $lasts }
UI_MINE_DAY_FREE = Frei
UI_MINE_DAY_AHEAD = Geplant
UI_MINE_DAY_LATE = Noch nicht da
UI_MINE_DAY_ABSENT = Keine Stempelung: korrigieren
UI_MINE_DAY_IN = Da
UI_MINE_DAY_MISSING = Stempelung fehlt: korrigieren
UI_MINE_DAY_WAS = Vollständig
UI_MINE_COME = Einstempeln
UI_MINE_LEAVE = Ausstempeln
UI_MINE_SHIFT = Schicht
UI_MINE_NO_SHIFT = Für diesen Tag ist keine Schicht geplant.
UI_MINE_SEAT = Arbeitsplatz
UI_MINE_PUNCHES = Stempelungen
UI_MINE_NO_PUNCHES = An diesem Tag gibt es noch keine Stempelung.
UI_MINE_TO_FACTS = Alle Tage und Korrekturen
UI_MINE_ACCOUNTS = Konten
UI_MINE_NO_ACCOUNTS = Für Sie ist kein Konto geplant. Fragen Sie Ihre Teamleitung, wenn Sie eines betreuen.
UI_MINE_TAKE = Übernehmen
UI_MINE_RELEASE = Zurückgeben
UI_MINE_HELD_BY_ME = Bei Ihnen seit { $at }
UI_MINE_HELD_BY = { $name } hat es seit { $at }
UI_MINE_HELD_BY_OTHER = Jemand hat es seit { $at }
UI_MINE_HELD_BY_NOBODY = Niemand, den Sie sehen dürfen, hat es
UI_MINE_DRIFT =
    { $minutes ->
        [one] Die Uhr Ihres Geräts weicht um 1 Minute ab. Die Stempelung zählt nach unserer Zeit; die Angabe Ihres Geräts wird daneben aufbewahrt.
       *[other] Die Uhr Ihres Geräts weicht um { $minutes } Minuten ab. Die Stempelung zählt nach unserer Zeit; die Angabe Ihres Geräts wird daneben aufbewahrt.
    }
UI_MINE_DROPPED = Zählt nicht
UI_MINE_ADDED = Durch Korrektur
UI_MINE_MOVE = Korrigieren
UI_MINE_VOID = Streichen
UI_MINE_OTHERS_PUNCH = diese Stempelung stammt von jemand anderem an diesem Gerät: zum Senden muss sich diese Person anmelden
UI_MINE_LATE_REASON = Ohne Netz gestempelt um { $at }
UI_MINE_LATE_ASKED = Erfasst um { $recorded }. Dass sie um { $at } zählt, als Sie gedrückt haben, wartet auf Genehmigung.
UI_MINE_LATE_NOT_ASKED = Erfasst um { $recorded }. Sie haben um { $at } gedrückt, das ließ sich aber nicht beantragen ({ $why }): korrigieren Sie es unter „Meine Zeiten“.
UI_QUEUE = Ohne Netz gestempelt
UI_QUEUE_WAITING = Wartet auf ein Netz und wird dann von selbst gesendet
UI_QUEUE_RECORDED = Erfasst
UI_QUEUE_REFUSED = Wurde abgelehnt
UI_OFFLINE = Kein Netz
UI_OFFLINE_SAID = Sie können trotzdem stempeln: Ihr Gerät behält die Stempelung mit ihrer Zeit und sendet sie, sobald es wieder Netz gibt.
UI_OFFLINE_SCRIPTS = Stempeln ohne Netz braucht Skripte, die Ihr Browser nicht ausführt.
UI_MINE_CYCLES = Zyklen
UI_MINE_SCORE = Punktzahl
UI_MINE_PLACE = Rang
UI_MINE_RANK = { $rank } von { $of }
UI_MINE_GAP = Punkte bis zu den Zielen
UI_MINE_GAP_SAID = Was den Kennzahlen unter ihrem Ziel zusammen fehlt
UI_MINE_COLLABORATION = Zusammenarbeit
UI_MINE_STEPS = Die Punktzahl Schritt für Schritt
UI_MINE_OF_WEIGHT = { $points } von { $weight }
UI_MINE_IN_WORDS = Jeder Schritt in Worten
UI_MINE_HELPS = Was am meisten helfen würde
UI_MINE_HELPS_NOTHING = Jede Kennzahl hat ihr Ziel erreicht.
UI_MINE_LACKS = Fehlende Punkte:
UI_MINE_TOTALS = Zugerechnete Vorgänge
UI_MINE_INTERVAL = Der Strich zeigt, was Ihnen zugerechnet wird; mit 90 % Sicherheit liegt im Balken, was Sie betreut haben.
UI_MINE_ALL_ACCOUNTS = Alle Konten
UI_MINE_HOW_SURE = Sicherheit
UI_MINE_TO_RECORDS = Jeder Vorgang und warum
UI_MINE_RECORDS = Vorgänge
UI_MINE_RECORD = Vorgang
UI_MINE_BEGAN = Beginn
UI_MINE_SHARE = Ihr Anteil
UI_MINE_OTHERS = Andere
UI_MINE_NO_RECORDS = Hier wird Ihnen kein Vorgang zugerechnet.
UI_MINE_WHY = Warum
UI_MINE_HIDDEN = Wo *** steht, ist jemand, den Sie nicht sehen dürfen.
UI_MINE_VERSIONS = Versionen
UI_MINE_VERSION = Version { $number }: Punktzahl { $score }
UI_MINE_NO_VERSIONS = Diese Scorecard wurde noch nicht veröffentlicht.
UI_MINE_DRAFT = Dieser Zyklus wird geprüft: bis zur Veröffentlichung kann sich die Punktzahl ändern.
UI_MINE_NO_CARD = Sie haben noch keine Scorecard. Sie kommt, wenn ein Zyklus mit Ihnen veröffentlicht wird.
UI_MINE_STATEMENT = Entgeltnachweis
UI_MINE_STATEMENTS = Entgeltnachweise
UI_MINE_NO_STATEMENTS = Sie haben noch keinen Entgeltnachweis. Er kommt, wenn aus einem veröffentlichten Zyklus eine Abrechnung entsteht.
UI_MINE_EQUAL = Bei gleicher Verteilung
UI_MINE_LINES = Zusammensetzung
UI_MINE_NO_LINES = Dieser Entgeltnachweis zahlt nur Korrekturen.
UI_MINE_ADJUSTMENTS = Korrekturen früherer Entgeltnachweise
UI_MINE_DELTAS = Korrigierte Beträge
UI_MINE_LEFT = Noch abzurechnen:
UI_MINE_LEFT_NEXT = Bleibt für den nächsten Entgeltnachweis:
UI_MINE_BEHIND =
    Die Punktzahl beruht auf { $total ->
        [one] 1 Vorgang
       *[other] { $total } Vorgängen
    }; { $count ->
        [one] 1 ist aufgeführt
       *[other] { $count } sind aufgeführt
    }.
UI_MINE_NO_DAYS = Keine Stempelung und keine Schicht in diesem Monat.
UI_MINE_FINDINGS = Auffälligkeiten zu Ihnen
UI_MINE_NO_FINDINGS = Nichts: Ihre Stempelungen und Vorgänge passen zusammen.
UI_MINE_ADVICE = Was zu tun ist:
UI_MINE_FIX = Passende Korrektur beantragen
UI_MINE_CORRECTIONS = Korrekturen
UI_MINE_NO_CORRECTIONS = Sie haben keine Korrektur beantragt.
UI_MINE_WITHDRAW = Zurückziehen
UI_MINE_HANDOVERS = Übergaben
UI_MINE_NO_HANDOVERS = Sie haben in diesem Monat kein Konto übernommen oder zurückgegeben.
UI_MINE_ADD = Stempelung ergänzen
UI_MINE_MOVE_TITLE = Stempelung korrigieren
UI_MINE_VOID_TITLE = Stempelung streichen
UI_MINE_IT_WAS = Erfasst ist: { $kind }, { $at }
UI_MINE_RIGHT_SAID = Jemand anderes genehmigt es; bis dahin bleibt alles, wie es ist. Erfasstes wird nie gelöscht.
UI_MINE_WHEN = Wann es war
UI_MINE_KIND = Kommen oder Gehen
UI_MINE_ASK = Beantragen
WORD_PUNCH_KIND_IN = Kommen
WORD_PUNCH_KIND_OUT = Gehen
WORD_PUNCH_VERDICT_ACCEPTED = In Ordnung
WORD_PUNCH_VERDICT_DOUBLE_IN = Sie waren schon eingestempelt: hiermit beginnt es neu
WORD_PUNCH_VERDICT_OUT_WITHOUT_IN = Gehen ohne Kommen davor
WORD_PUNCH_VERDICT_OFF_ROSTER = Für diese Zeit nicht geplant
WORD_HANDOVER_KIND_TAKE = Übernahme
WORD_HANDOVER_KIND_RELEASE = Rückgabe
WORD_CORRECTION_STATE_WAITING = Wartet auf Genehmigung
WORD_CORRECTION_STATE_APPROVED = Genehmigt
WORD_CORRECTION_STATE_MADE = Direkt korrigiert
WORD_CORRECTION_STATE_REJECTED = Abgelehnt
WORD_CORRECTION_STATE_WITHDRAWN = Zurückgezogen
WORD_PUNCH_KIND_UNSPECIFIED = Stempelung
WORD_HANDOVER_KIND_UNSPECIFIED = Übergabe
UI_DIALOGUES_AT_ONCE =
    { $count ->
        [one] 1 Dialog zur Zeit
       *[other] { $count } Dialoge gleichzeitig
    }

## Console: team

NAV_TEAM_MONTH = Monat des Teams
NAV_TEAM_ACCOUNTS = Konten im Zeitverlauf
NAV_FINDINGS = Auffälligkeiten
NAV_HANDOVERS = Übergaben
NAV_ROSTER = Dienstplan
UI_TEAM_ABOUT = Betrifft
UI_TEAM_ACCOUNT = Konto
UI_TEAM_ACCOUNTS_SAID = Wählen Sie ein Konto, um zu sehen, wer es hatte, was einging und wem es gehört.
UI_TEAM_ASK_TO_PUT_RIGHT = Korrektur beantragen
UI_TEAM_BEGAN = Beginn
UI_TEAM_BROUGHT_BY = Die Korrektur, die sie gebracht hat
UI_TEAM_BY_ACCOUNTS = Nach Konten
UI_TEAM_BY_PEOPLE = Nach Personen
UI_TEAM_BY_WHAT = Personen oder Konten
UI_TEAM_CANCEL_SHIFT = Schicht absagen
UI_TEAM_CERTAIN = Sicher
UI_TEAM_CERTAIN_SAID = genannt, beansprucht, übergeben oder allein im Dienst
UI_TEAM_CHANGE_SHIFT = Schicht ändern
UI_TEAM_COLLABORATION = Zusammenarbeit
UI_TEAM_COMPARED_WITH = Gegenüber { $before }
UI_TEAM_CORRECTIONS_WAIT =
    { $count ->
        [one] 1 Korrektur einer Übergabe wartet auf Genehmigung
       *[other] { $count } Korrekturen von Übergaben warten auf Genehmigung
    }
UI_TEAM_CORRECTION_NOT_YOURS = Sie dürfen sie ansehen, aber keine Korrektur beantragen.
UI_TEAM_CORRECTION_WAITS = Eine Korrektur dazu wartet auf Genehmigung.
UI_TEAM_COUNTS_NO_MORE = Sie zählt nicht mehr, daher gibt es hier nichts zu korrigieren.
UI_TEAM_COUNTS_NO_MORE_BY = Die Korrektur, durch die sie nicht mehr zählt
UI_TEAM_COUNTS_PUT_RIGHT = korrigiert
UI_TEAM_CREDITED_TO_NOBODY =
    { $count ->
        [one] 1 Vorgang dieser Tage ist niemandem zugerechnet.
       *[other] { $count } Vorgänge dieser Tage sind niemandem zugerechnet.
    }
UI_TEAM_CREDITS_OF = Zurechnung aus
UI_TEAM_CUSTOMER = Kunde
UI_TEAM_CYCLE = Zyklus
UI_TEAM_DAYS =
    { $count ->
        [one] 1 Tag
       *[other] { $count } Tage
    }
UI_TEAM_DAYS_SHOWN = Gezeigte Tage
UI_TEAM_DAYS_TOO_MANY =
    { $limit ->
        [one] höchstens { $limit } Tag auf einmal
       *[other] höchstens { $limit } Tage auf einmal
    }
UI_TEAM_DAY_DRAWN =
    { $day }: { $records ->
        [one] 1 Vorgang
       *[other] { $records } Vorgänge
    }, { $gaps ->
        [0] den ganzen Tag jemand im Dienst
        [one] 1 Abschnitt ohne jemanden im Dienst
       *[other] { $gaps } Abschnitte ohne jemanden im Dienst
    }.
UI_TEAM_DEVICE = Gerät
UI_TEAM_DUTY_AS_TABLE = Dienst als Tabelle
UI_TEAM_EARLIER_VERSIONS = Frühere Versionen
UI_TEAM_ENDED = Ende
UI_TEAM_END_HINT = Nicht nach dem Beginn: sie endet am nächsten Tag.
UI_TEAM_EVIDENCE = Belege
UI_TEAM_FINDINGS_OF = Auffälligkeiten aus
UI_TEAM_FIRST_DAY = Erster Tag
UI_TEAM_FIRST_REPLY = Erste Antwort
UI_TEAM_FIX = Korrigierbar
UI_TEAM_FIXABLE =
    { $count ->
        [one] 1 davon lässt sich von hier aus korrigieren: öffnen Sie sie, um zu sehen, was geschehen würde.
       *[other] { $count } davon lassen sich von hier aus korrigieren: öffnen Sie eine, um zu sehen, was geschehen würde.
    }
UI_TEAM_FIX_ALIAS = „{ $alias }“ auf { $platform } wird { $person } meinen.
UI_TEAM_FIX_AT_ONCE = Es zählt sofort.
UI_TEAM_FIX_CLOSE = Der Zyklus wird erneut abgeschlossen.
UI_TEAM_FIX_HANDOVER = Eine Übergabe von { $account } durch { $person } wird ergänzt: { $kind }, { $at }.
UI_TEAM_FIX_MOVE = Der Vorgang { $record } geht von { $from } nach { $to }.
UI_TEAM_FIX_NONE = Was das korrigiert, folgt nicht aus dem Bekannten: jemand, der dabei war, muss es sagen. Der Rat oben sagt, was zu tun ist.
UI_TEAM_FIX_NOT_YOURS = Jemand mit mehr Rechten darf das korrigieren.
UI_TEAM_FIX_OTHER = { $call } wird aufgerufen.
UI_TEAM_FIX_PUNCH = Eine Stempelung von { $person } wird ergänzt: { $kind }, { $at }.
UI_TEAM_FIX_THERE = korrigierbar
UI_TEAM_FIX_WAITS = Jemand anderes muss es genehmigen, bevor es zählt.
UI_TEAM_FORGOTTEN_HANDOVER = Vergessene Übergabe ergänzen
UI_TEAM_MONDAY = Mo
UI_TEAM_TUESDAY = Di
UI_TEAM_WEDNESDAY = Mi
UI_TEAM_THURSDAY = Do
UI_TEAM_FRIDAY = Fr
UI_TEAM_SATURDAY = Sa
UI_TEAM_SUNDAY = So
UI_TEAM_FROM = Von
UI_TEAM_GAP_AT = niemand { $gaps }
UI_TEAM_GAP_BUSY = Niemand im Dienst, aber Vorgänge gingen ein
UI_TEAM_HANDOVER = Übergabe
UI_TEAM_HOW_KNOWN = Woher wir es wissen
UI_TEAM_HOW_SURE = Sicherheit
UI_TEAM_HOW_THE_SCORE_CAME = Wie die Punktzahl zustande kam
UI_TEAM_INDICATOR = Kennzahl
UI_TEAM_KIND = Art
UI_TEAM_LAST_DAY = Letzter Tag
UI_TEAM_LAST_DAY_HINT = Leer: nur der erste Tag.
UI_TEAM_LEGEND = Lesehilfe
UI_TEAM_LEGEND_SAID = Jeder Vorgang ist in den Farben derer gezeichnet, denen er zugerechnet ist, jede so hoch wie der Anteil und umso blasser, je weniger davon ihnen gehört. Der Buchstabe steht für die Person mit dem größten Anteil; Namen stehen an den Bahnen. Kreise sind Stempelungen und Übergaben: gefüllt für Kommen und Übernahme, leer für Gehen und Rückgabe.
UI_TEAM_LOOK_AT_IT = Ansehen
UI_TEAM_MOVED = Änderung der Punktzahl
UI_TEAM_MOVE_HINT = Nur ausfüllen, wenn es zu einer anderen Zeit geschah.
UI_TEAM_NAMED = Genannte Servicekraft
UI_TEAM_NOBODY = Niemand
UI_TEAM_NOBODY_ON_DUTY = Niemand im Dienst
UI_TEAM_NOTHING_ODD = An diesem Monat ist nichts auffällig.
UI_TEAM_NOT_CREDITED = noch nicht zugerechnet
UI_TEAM_NOT_CREDITED_YET = Hier ist noch nichts zugerechnet: kein abgeschlossener Zyklus oder Lauf deckt es ab. Gezeigt wird, was einging und wer im Dienst war.
UI_TEAM_NO_ACCOUNTS = Wo Sie lesen dürfen, gibt es kein Konto.
UI_TEAM_NO_CARDS = Wo Sie lesen dürfen, gibt es keine Scorecards.
UI_TEAM_NO_CARDS_DO = Sie erscheinen, sobald ein Zyklus abgeschlossen ist. Wählen Sie oben einen anderen Zyklus, oder sehen Sie sich inzwischen die Konten an.
UI_TEAM_NO_CARD_OF_PERSON = In diesem Zyklus gibt es keine Scorecard dieser Person.
UI_TEAM_NO_FINDINGS = Es gibt keine Auffälligkeiten, die sich jemand ansehen sollte.
UI_TEAM_NO_FINDINGS_DO = Auffälligkeiten kommen mit jedem Zurechnungslauf, auch bevor ein Zyklus abgeschlossen ist.
UI_TEAM_NO_HANDOVERS = Keine Übergabe an diesen Tagen.
UI_TEAM_NO_HANDOVERS_DO = Wählen Sie oben andere Tage. Übergaben werden erfasst, wo Personen ein Konto übernehmen und zurückgeben.
UI_TEAM_NO_RECORDS = An diesen Tagen ging kein Vorgang ein.
UI_TEAM_NO_SHIFT = keine Schicht
UI_TEAM_ON_DUTY = Im Dienst
UI_TEAM_ON_DUTY_HELD = Im Dienst laut Übergabe
UI_TEAM_ON_DUTY_LOOSE = Im Dienst als Teil des Teams
UI_TEAM_OTHERS = Personen, die Sie nicht sehen dürfen
UI_TEAM_OTHER_ACCOUNT = Ein Konto, das Sie nicht sehen dürfen
UI_TEAM_OUTSIDE = Vorgänge außerhalb
UI_TEAM_PERSON = Person
UI_TEAM_PERSON_HINT = Ein Name oder eine Personalnummer aus der Liste.
UI_TEAM_PHASE = Nutzung
UI_TEAM_PLATFORM = Plattform
UI_TEAM_POINTS = Punkte
UI_TEAM_POINTS_BY_INDICATOR = Punkte je Kennzahl
UI_TEAM_POLICY = Richtlinie
UI_TEAM_PUBLISH_SAID = Zeiten gelten in der Zeitzone des Kontos. Wer in der Schicht arbeitet, liest es sofort.
UI_TEAM_PUBLISH_SHIFTS = Schichten veröffentlichen
UI_TEAM_PUNCHED = Eingestempelt
UI_TEAM_PUT_IT_RIGHT = Korrigieren
UI_TEAM_PUT_RIGHT_BECAUSE = Warum korrigiert wurde
UI_TEAM_RANGE = Intervall (90 %)
UI_TEAM_RANK = Rang
UI_TEAM_RANK_OF = { $rank } von { $of }
UI_TEAM_RATING = Kundenbewertung
UI_TEAM_RECORD = Vorgang
UI_TEAM_RECORDS = Vorgänge
UI_TEAM_RECORDS_AS_TABLE = Vorgänge als Tabelle
UI_TEAM_RECORDS_CAME = Vorgänge eingegangen
UI_TEAM_RECORDS_CREDITED = Personen zugerechnet, die Sie sehen dürfen
UI_TEAM_REFUND_OF = Erstattung zu
UI_TEAM_RESOLVED = Gelöst
UI_TEAM_ROSTERED = Eingeplant
UI_TEAM_SCORE = Punktzahl
UI_TEAM_SCORE_MEDIAN = Median der Punktzahl
UI_TEAM_SEAT = Arbeitsplatz
UI_TEAM_SECONDS = { $seconds } s
UI_TEAM_SHIFT = Schicht
UI_TEAM_SHIFT_COUNTS_NO_MORE = Diese Schicht zählt nicht mehr: ändern Sie die, die an ihrer Stelle zählt.
UI_TEAM_SHIFT_NOT_YOURS = Sie dürfen diese Schicht ansehen, aber nicht ändern.
UI_TEAM_SHIFT_REASON_HINT = Nötig, sobald die Schicht begonnen hat.
UI_TEAM_STORE = Shop
UI_TEAM_SURE_KNOWN = Sicher
UI_TEAM_SURE_NOBODY = Niemandem zugerechnet
UI_TEAM_SURE_SHARED = Zu gleichen Teilen, nichts unterscheidet sie
UI_TEAM_SURE_WEIGHED = Nach Belegen gewichtet
UI_TEAM_TARGET = Ziel
UI_TEAM_TIMES_IN = Zeiten in { $zone } ({ $offset }).
UI_TEAM_TIMES_OF_ACCOUNTS = Zeiten gelten in der Zeitzone des jeweiligen Kontos.
UI_TEAM_TO = Bis
UI_TEAM_TODAY = Heute
UI_TEAM_TO_THE_CARD = Zur Scorecard
UI_TEAM_TO_THE_FINDINGS = Auffälligkeiten dieses Monats
UI_TEAM_TO_THE_TABLE = Zur Tabelle der Vorgänge
UI_TEAM_TO_THE_TIMELINE = Zeitachse
UI_TEAM_VALUE = Wert
UI_TEAM_VIEW = Gezeigter Zeitraum
UI_TEAM_VIEW_DAY = Tag
UI_TEAM_VIEW_MONTH = Monat
UI_TEAM_VIEW_WEEK = Woche
UI_TEAM_WEIGHT = Gewicht
UI_TEAM_WHAT = Was
UI_TEAM_WHAT_CORRECTIONS_CHANGED = Was Korrekturen geändert haben
UI_TEAM_WHAT_IS_ODD = Was auffällig ist
UI_TEAM_WHAT_IS_RIGHT = Was richtig ist
UI_TEAM_WHAT_IT_WAS = Was es war
UI_TEAM_WHAT_SHOWS_IT = Beleg
UI_TEAM_WHAT_TO_DO = Was zu tun ist
UI_TEAM_WHAT_WAS_PUT_RIGHT = Was korrigiert wurde
UI_TEAM_WHAT_WAS_SEEN = Was festgestellt wurde
UI_TEAM_WHEN = Wann
UI_TEAM_WHEN_IT_WAS = Wann es war
UI_TEAM_WHERE_THE_RECORDS_ARE = Wo die Vorgänge sind
UI_TEAM_WHOSE = Wem es gehört
UI_TEAM_WHY = Warum
UI_TEAM_ZONE_OF_DAYS = Zeitzone der Tage
WORD_DUTY_RULE_HANDOVER = hatte es laut Übergabe
WORD_DUTY_RULE_ROSTER = laut Dienstplan eingeplant, und keine Stempelung spricht dagegen
WORD_DUTY_RULE_PUNCH = als Mitglied des Teams eingestempelt
WORD_DUTY_RULE_TEAM = keine Belege: das ganze Team
WORD_VERSION_END_REVISED = vom Absender überarbeitet
WORD_VERSION_END_MOVED = auf ein anderes Konto verschoben
WORD_VERSION_END_WITHDRAWN = zurückgezogen
WORD_NOBODY_ON_DUTY = niemand war im Dienst
DONE_FIX_ASKED = Beantragt. Nun genehmigt es jemand anderes
DONE_FIX_MADE = Korrigiert
DONE_CORRECTION_ASKED = Beantragt. Nun genehmigt es jemand anderes
DONE_SHIFTS_PUBLISHED = Schichten veröffentlicht
DONE_SHIFT_CHANGED = Schicht geändert
DONE_SHIFT_CANCELLED = Schicht abgesagt

## Console: words that other rooms have too

WORD_RECORD_AGGREGATION_MEAN = Mittelwert
WORD_RECORD_AGGREGATION_SUM = Summe
WORD_RECORD_AGGREGATION_COUNT = Anzahl
WORD_RECORD_AGGREGATION_SHARE = Prozentsatz, der die Bedingung erfüllt
WORD_RECORD_AGGREGATION_DISTINCT = Anzahl der Kunden
WORD_OBSERVATION_AGGREGATION_SUM = Summe
WORD_OBSERVATION_AGGREGATION_MEAN = Mittelwert
WORD_OBSERVATION_AGGREGATION_LAST = Der letzte Wert
WORD_OBSERVATION_OF_PERSON = Die Person
WORD_OBSERVATION_OF_UNIT = Die Einheit der Person
WORD_OBSERVATION_OF_ACCOUNT = Ein Konto
WORD_OBSERVATION_OF_STORE = Ein Shop
WORD_OBSERVATION_OF_CAMPAIGN = Eine Kampagne
WORD_COMPARISON_AT_MOST = höchstens
WORD_COMPARISON_AT_LEAST = mindestens
WORD_COMPARISON_BELOW = unter
WORD_COMPARISON_ABOVE = über
WORD_COMPARISON_EQUAL = genau
DONE_SCHEME_SAVED = Die Version ist gespeichert.
DONE_SCHEME_WITHDRAWN = Es ist außer Kraft.
DONE_MEASURE_SAVED = Die Messgröße ist gespeichert.
DONE_MEASURE_RETIRED = Die Messgröße ist außer Gebrauch.
DONE_CYCLE_MADE = Der Zyklus ist angelegt.
DONE_CYCLE_CLOSING = Der Abschluss hat begonnen.
DONE_CYCLE_CANCELLED = Abgebrochen.
DONE_CYCLE_CORRECTING = Die Korrektur wird berechnet.
DONE_CYCLE_PUBLISHED = Das Ergebnis ist veröffentlicht.
DONE_RUN_STARTED = Der Lauf hat begonnen.
DONE_RUN_CANCELLED = Der Lauf ist abgebrochen.
DONE_OBSERVATION_WITHDRAWN = Die Beobachtung ist zurückgezogen.
WORD_FINDING_MISSING_PUNCH = Fehlende Stempelung
WORD_FINDING_DOUBLE_IN = Zweimal eingestempelt
WORD_FINDING_TAG_OFF_DUTY = Von der Plattform genannt, aber außer Dienst
WORD_FINDING_UNCOVERED_SHIFT = Schicht, in der niemand gearbeitet hat
WORD_FINDING_NAMED_WITHOUT_AGENT = Persönliches Konto ohne genannte Servicekraft
WORD_FINDING_MISSING_RELEASE = Konto nie zurückgegeben
WORD_FINDING_CLAIM_OFF_DUTY = Beansprucht, aber außer Dienst
WORD_FINDING_OVERLAP = Zwei hatten ein Konto zugleich
WORD_FINDING_SEVERAL_AT_ONCE = An mehreren Konten zugleich
WORD_FINDING_TOO_FEW_REPLIES = Zu wenige Antworten zum Unterscheiden
WORD_FINDING_DEVICE_OFF_DUTY = Gerät einer Person außer Dienst
WORD_FINDING_MIXED_WITHOUT_TAG = Gemischtes Konto ohne Namen
WORD_FINDING_NO_DUTY_EVIDENCE = Keine Belege zum Dienst
WORD_FINDING_CLAIMS_DIFFER = Widersprüchliche Beanspruchungen
WORD_FINDING_CLAIM_WITHOUT_RECORD = Beanspruchung ohne Vorgang
WORD_FINDING_BREAKS_NOT_PUNCHED = Nicht gestempelte Pausen
WORD_FINDING_DEVICE_OF_NOBODY = Gerät, das niemandem gehört
WORD_FINDING_EVIDENCE_UNEVEN = Ungleich verteilte Belege
WORD_FINDING_EVIDENCE_NOT_READ = Nicht gelesene Belege
DONE_CAME = Sie sind eingestempelt.
DONE_LEFT = Sie sind ausgestempelt.
DONE_PUNCHED = Die Stempelung ist erfasst.
DONE_TOOK = Das Konto gehört ab jetzt Ihnen.
DONE_RELEASED = Das Konto ist zurückgegeben.
DONE_ASKED = Beantragt: jemand anderes genehmigt es.
DONE_WITHDRAWN = Zurückgezogen.

## Console: pay

NAV_POOLS = Bonuspools
NAV_SETTLEMENTS = Abrechnungen
NAV_STATEMENTS = Entgeltnachweise
NAV_PAY_CORRECTIONS = Vergütungskorrekturen
NAV_RATES = Wechselkurse
WORD_SETTLEMENT_STATE_DRAFT = Entwurf
WORD_SETTLEMENT_STATE_APPROVED = Genehmigt
WORD_SETTLEMENT_STATE_POSTED = Gebucht
WORD_SETTLEMENT_STATE_DISCARDED = Verworfen
WORD_PAY_CORRECTION_STATE_DRAFT = Entwurf
WORD_PAY_CORRECTION_STATE_APPROVED = Genehmigt
WORD_PAY_CORRECTION_STATE_WITHDRAWN = Zurückgezogen
DONE_POOL_MADE = Der Bonuspool ist angelegt.
DONE_SETTLEMENT_DRAFTED = Die Abrechnung ist entworfen. Jemand anderes genehmigt sie.
DONE_PAY_APPROVED = Die Abrechnung ist genehmigt. Sie kann jetzt gebucht werden.
DONE_PAY_POSTED = Die Abrechnung ist gebucht. Sie ändert sich nie mehr.
DONE_PAY_DISCARDED = Die Abrechnung ist verworfen.
DONE_NOTHING_MOVED_ON = Es wurde nichts getan: sie war bereits weiter. So steht es jetzt.
DONE_PAY_CORRECTION_DRAFTED = Die Korrektur ist entworfen. Jemand anderes genehmigt sie.
DONE_PAY_CORRECTION_APPROVED = Die Korrektur ist genehmigt. Die nächsten Abrechnungen zahlen die Differenzen.
DONE_PAY_CORRECTION_WITHDRAWN = Die Korrektur ist zurückgezogen.
DONE_RATE_SET = Der Kurs ist hinterlegt.
DONE_RATE_KNOWN = Es wurde nichts geschrieben: dieser Kurs war bereits bekannt.
UI_PAY_ACCOUNT = Konto
UI_PAY_ACCOUNT_HIDDEN = Ein Konto, das Sie nicht sehen dürfen
UI_PAY_ADJUSTMENTS = Korrekturen früherer Monate
UI_PAY_ADJUSTMENTS_ALONE = Dieser Entgeltnachweis hat keinen Teil am Bonuspool: er zahlt nur Korrekturen früherer Monate.
UI_PAY_ALSO_SUPERSEDED = Auch zeigen, was nicht mehr zählt
UI_PAY_AMOUNTS_HIDDEN = Sie dürfen sehen, dass es Entgeltnachweise gibt, aber nicht, was jemand erhält: die Beträge wurden nicht an diese Seite gesendet.
UI_PAY_AMOUNT_HINT = Ziffern mit höchstens einem Punkt, etwa 120000.50.
UI_PAY_ANOTHER_ACCOUNT = ein anderes Konto (…{ $tail })
UI_PAY_APPROVAL_ELSEWHERE = Es wartet auf die Genehmigung von jemandem, der genehmigen darf. Sie dürfen das nicht.
UI_PAY_APPROVE = Genehmigen
UI_PAY_APPROVE_PAY_CORRECTION_SAID = Ab dann zahlen die nächsten Abrechnungen die Differenzen oder behalten sie ein.
UI_PAY_APPROVE_SAID = Sie haben sie nicht vorbereitet, daher dürfen Sie sie genehmigen. Prüfen Sie zuerst die Zeilen und die Summe.
UI_PAY_BEFORE = Vorher
UI_PAY_BEFORE_ROUNDING = Vor der Rundung
UI_PAY_BESIDE_THE_POOL = Außerhalb des Bonuspools
UI_PAY_CARRY = Restcents in den nächsten Monat übertragen
UI_PAY_CARRY_HINT = Cents, die sich nicht gleichmäßig verteilen lassen, werden von Monat zu Monat übertragen, sodass sie sich ausgleichen.
UI_PAY_CORRECTION = Vergütungskorrektur
UI_PAY_CORRECTION_REASON_HINT = Jeder Entgeltnachweis, der sich ändert, zeigt ihn.
UI_PAY_CORRECTION_SAID = Gebuchtes bleibt. Der Bonuspool wird nach den jetzigen Scorecards noch einmal verteilt, und die nächste Abrechnung zahlt die Differenz jeder Person.
UI_PAY_COUNTS = Zählt
UI_PAY_CURRENCY = Währung
UI_PAY_CURRENCY_HINT = Drei Buchstaben, etwa CNY.
UI_PAY_CYCLE = Zyklus
UI_PAY_CYCLE_HIDDEN = Ein Zyklus, den Sie nicht sehen dürfen
UI_PAY_DELTAS = Wer einen anderen Betrag erhält
UI_PAY_DIFFERENCE = Differenz
UI_PAY_DISCARD = Verwerfen
UI_PAY_DISCARD_SAID = Verwirft die Abrechnung. Der Bonuspool kann danach erneut verteilt werden.
UI_PAY_DRAFT_PAY_CORRECTION = Diese Korrektur entwerfen
UI_PAY_DRAFT_SETTLEMENT = Abrechnung entwerfen
UI_PAY_EQUAL_SPLIT = Gleiche Verteilung
UI_PAY_EQUAL_SPLIT_SAID = was alle ohne Punktzahlen erhalten würden
UI_PAY_FLOOR = Untergrenze: Punkte zählen darüber
UI_PAY_FLOOR_HINT = Bis einschließlich dieser erhält niemand etwas; leer bedeutet 0.
UI_PAY_FUND_NAME = Name des Fonds
UI_PAY_HIDDEN = verborgen
UI_PAY_HOW_KNOWN = Woher bekannt
UI_PAY_HOW_MADE = Wie der Betrag entsteht
UI_PAY_HOW_SPLIT = Wie er verteilt wird
UI_PAY_IN = In
UI_PAY_LEFT_TO_PAY = Noch zu zahlen
UI_PAY_LESS = Weniger, insgesamt
UI_PAY_LINES_TOGETHER = Alle Zeilen zusammen
UI_PAY_LOWEST_SCORE = niedrigste Punktzahl
UI_PAY_MAKE_POOL = Bonuspool anlegen
UI_PAY_MORE = Mehr, insgesamt
UI_PAY_NAME_HIDDEN = Name verborgen
UI_PAY_NEW_PAY_CORRECTION = Vergütung korrigieren
UI_PAY_NEW_POOL = Neuer Bonuspool
UI_PAY_NEW_RATE = Neuer Kurs
UI_PAY_NEW_SETTLEMENT = Neue Abrechnung
UI_PAY_NOW = Jetzt
UI_PAY_NO_CARRY = Restcents werden innerhalb des Monats vergeben.
UI_PAY_NO_DELTAS = Niemand erhält einen anderen Betrag.
UI_PAY_NO_PAY_CORRECTIONS = Es wurde noch keine Vergütung korrigiert. Eine gebuchte Abrechnung wird durch eine Korrektur dazu berichtigt.
UI_PAY_NO_PERCENT = ist kein Prozentsatz von 0 bis 100 mit höchstens vier Stellen nach dem Punkt
UI_PAY_NO_POOLS = Es gibt noch keinen Bonuspool. Legen Sie einen für einen Zyklus an: einen Betrag und wie er verteilt wird.
UI_PAY_NO_POOL_READY = Derzeit lässt sich kein Bonuspool verteilen: jeder ist bereits gezahlt oder unterwegs, oder sein Zyklus ist nicht veröffentlicht. Legen Sie einen Bonuspool an, oder veröffentlichen Sie zuerst den Zyklus.
UI_PAY_NO_POSTED_SETTLEMENT = Es ist noch nichts gebucht, daher gibt es nichts zu korrigieren. Ein Entwurf wird verworfen und neu entworfen.
UI_PAY_NO_RATES = Es ist noch kein Kurs bekannt. Einer ist nur nötig, wo mit Geld einer anderen Währung gerechnet wird.
UI_PAY_NO_RECORDS_BEHIND = Hinter diesem Entgeltnachweis steht kein Vorgang.
UI_PAY_NO_SETTLEMENTS = Es ist noch nichts abgerechnet. Entwerfen Sie eine Abrechnung aus einem veröffentlichten Zyklus und einem Bonuspool.
UI_PAY_NO_SETTLEMENT_OF_POOL = Der Bonuspool ist noch nicht abgerechnet: entwerfen Sie eine Abrechnung dazu.
UI_PAY_NO_STATEMENTS = Hier gibt es keinen Entgeltnachweis, den Sie sehen dürfen.
UI_PAY_NOT_PUBLISHED = noch nicht veröffentlicht
UI_PAY_NUMBER = Nummer
UI_PAY_NUMBERED = { $at }. { $label }
UI_PAY_OF_THE_POOL = Aus dem Bonuspool
UI_PAY_ONE_OF = Eine Einheit
UI_PAY_ONLY_COUNTING = Nur zeigen, was zählt
UI_PAY_PAID = An Personen gezahlt
UI_PAY_PART_FUND_SAID = Dieser Teil bleibt dem Team und wird an niemanden gezahlt. Lassen Sie den Anteil leer, um darauf zu verzichten.
UI_PAY_PART_PROPORTIONAL_SAID = Alle erhalten nach den Punkten über der Untergrenze. Lassen Sie den Anteil leer, um darauf zu verzichten.
UI_PAY_PART_TIERS_SAID = Die beste Staffel zuerst. Jede Staffel umfasst einen Prozentsatz der Personen oder alle ab einer Punktzahl; wer darin ist, hat ihr Gewicht. Lassen Sie den Anteil leer, um darauf zu verzichten.
UI_PAY_PERCENT_OF_POOL = Prozent des Bonuspools
UI_PAY_POOL = Bonuspool
UI_PAY_POOLS_WAIT =
    { $count ->
        [one] Ein Bonuspool steht nicht zur Auswahl: Die Punktzahlen seines Zyklus sind nicht veröffentlicht.
       *[other] { $count } Bonuspools stehen nicht zur Auswahl: Die Punktzahlen ihrer Zyklen sind nicht veröffentlicht.
    }
UI_PAY_POOL_NAME_HINT = Etwa: Bonus März.
UI_PAY_POOL_TO_SPLIT_HINT = Nur Bonuspools, deren Zyklus veröffentlicht ist und die noch nicht gezahlt sind.
UI_PAY_POOL_UNIT_HINT = An wen er zahlt: die Einheit des Zyklus oder eine darunter. Leer bedeutet den ganzen Zyklus.
UI_PAY_POOL_WAITS = Der Bonuspool kann abgerechnet werden, sobald die Punktzahlen seines Zyklus veröffentlicht sind.
UI_PAY_POST = Buchen
UI_PAY_POSTING_ELSEWHERE = Es wartet auf jemanden, der buchen darf. Sie dürfen das nicht.
UI_PAY_POST_SAID = Ab dann ändert sie sich nie mehr, und der Bonuspool ist gezahlt.
UI_PAY_PREPARED_AT = Vorbereitet
UI_PAY_PUBLISHED = veröffentlicht
UI_PAY_QUOTA = Prozent der Personen
UI_PAY_RATE = Kurs
UI_PAY_RATES_SAID = Ein Kurs gilt bis zum nächsten derselben Währungen. Frühere Angaben bleiben lesbar.
UI_PAY_RATE_HINT = Etwa 7.1234.
UI_PAY_RECORD = Vorgang
UI_PAY_RECORDS_BEHIND = Vorgänge dahinter
UI_PAY_RECORDS_TRACED = { $count } von { $all } Vorgängen
UI_PAY_ROW_REFUSED = { $said }
UI_PAY_RULE_FUND_SAID = Bleibt dem Team und wird an niemanden gezahlt.
UI_PAY_RULE_PROPORTIONAL = Anteilig nach der Punktzahl
UI_PAY_RULE_PROPORTIONAL_SAID = Alle erhalten nach den Punkten über { $floor }.
UI_PAY_RULE_TIERS = Nach Staffeln
UI_PAY_RULE_TIERS_SAID = Wer in einer Staffel ist, hat ihr Gewicht; der Teil wird nach den Gewichten verteilt.
UI_PAY_SAY_SURE = bestätigen Sie, dass Sie sicher sind
UI_PAY_SCORE = Punktzahl
UI_PAY_SETTLEMENT = Abrechnung
UI_PAY_SETTLEMENT_LINES = Was jede Person erhält
UI_PAY_SETTLEMENT_LINES_SAID = Jede Zeile führt zum Entgeltnachweis: seinen Schritten, der Scorecard und den Vorgängen dahinter. Die Punktzahlen stammen aus
UI_PAY_SET_RATE = Kurs hinterlegen
UI_PAY_SHARES_SUM = die Anteile aller Teile ergeben { $sum } %, nicht 100 %
UI_PAY_SHOW_DIFFERENCE = Zeigen, was sich ändern würde
UI_PAY_SHOW_MORE = Mehr anzeigen
UI_PAY_SOURCE = Quelle
UI_PAY_SOURCE_HINT = Etwa der tägliche Referenzkurs der Zentralbank.
UI_PAY_STATEMENT = Entgeltnachweis
UI_PAY_STEP_APPROVED = Genehmigt
UI_PAY_STEP_DISCARDED = Verworfen
UI_PAY_STEP_DRAFTED = Entworfen
UI_PAY_STEP_POSTED = Gebucht
UI_PAY_STEP_PREPARED = Vorbereitet
UI_PAY_STEP_WAITS_APPROVAL = Wartet auf Genehmigung durch jemand anderen
UI_PAY_STEP_WAITS_POSTING = Wartet auf Buchung
UI_PAY_STEP_WITHDRAWN = Zurückgezogen
UI_PAY_SUM = Die Summe
UI_PAY_SUM_FAILS = Ergibt nicht den Bonuspool
UI_PAY_SUM_HOLDS = Gleich dem Bonuspool, auf den Cent genau
UI_PAY_SUPERSEDED = Zählt nicht mehr
UI_PAY_TEAM_FUND = Teamfonds
UI_PAY_TIER = Staffel
UI_PAY_TIER_FROM = ab einer Punktzahl von { $score }
UI_PAY_TIER_QUOTA = { $quota } der Personen
UI_PAY_TO_CARD = Zur Scorecard
UI_PAY_TO_RECORDS = Zu den Vorgängen
UI_PAY_TO_SETTLEMENT = Die Abrechnung, die korrigiert wird
UI_PAY_UNIT_HIDDEN = Eine Einheit, die Sie nicht sehen dürfen
UI_PAY_UNKNOWN_STEP = das ist kein Schritt dieser Seite: laden Sie sie neu
UI_PAY_WEIGHT = Gewicht
UI_PAY_WEIGHT_OF = { $weight } von { $sum }
UI_PAY_WHAT_WOULD_CHANGE = Was sich ändern würde
UI_PAY_WHO = Wer
UI_PAY_WHOLE_GROUP = Der ganze Konzern
UI_PAY_WHY = Was den Unterschied macht
UI_PAY_WITHDRAW = Zurückziehen
UI_PAY_WITHDRAW_SAID = Verwirft den Entwurf; niemandes Vergütung ändert sich.
UI_PAY_WOULD_CHANGE =
    { $people ->
        [one] Eine Person erhält einen anderen Betrag: { $more } mehr und { $less } weniger. Noch ist nichts geschrieben.
       *[other] { $people } Personen erhalten einen anderen Betrag: { $more } mehr und { $less } weniger. Noch ist nichts geschrieben.
    }
UI_PAY_WRITTEN_AT = Geschrieben
UI_PAY_YOU = Sie
UI_PAY_YOU_HAD_A_HAND = Sie haben sie vorbereitet oder genehmigt, daher bucht sie jemand anderes (Vier-Augen-Prinzip).
UI_PAY_YOU_PREPARED = Sie haben sie vorbereitet, daher genehmigt sie jemand anderes (Vier-Augen-Prinzip).

## Console: audit

NAV_AUDIT_LOG = Protokoll
NAV_AUDIT_EXPORTS = Nachweise
UI_AUDIT_BY_PERSON = Über eine Person
UI_AUDIT_BY_ACCOUNT = Von einem Konto
UI_AUDIT_BY_THING = Über ein Objekt
UI_AUDIT_PERSON = Personalnummer oder ID einer Person
UI_AUDIT_THING = Worüber
UI_AUDIT_ID = Dessen ID
UI_AUDIT_FROM = Von (Tag)
UI_AUDIT_TO = Bis (Tag, einschließlich)
UI_AUDIT_FOUND = Was die Protokolle sagen
UI_AUDIT_ASK = Fragen Sie nach einer Person, einem Konto oder einem Objekt: alle fünf Dienste antworten als eine Liste, das Neueste zuerst.
UI_AUDIT_NOTHING = Wo Sie lesen dürfen, sagen die Protokolle für diese Tage nichts darüber.
UI_AUDIT_NO_DAY = „{ $text }“ ist kein Tag: schreiben Sie einen wie 2026-03-31
UI_AUDIT_NOBODY = niemand, den Sie lesen dürfen, hat die Personalnummer „{ $text }“
UI_AUDIT_NO_ACCOUNT = unter den Konten, deren Namen Sie lesen dürfen, gibt es kein „{ $text }“: schreiben Sie dessen ID
UI_AUDIT_SILENT = Diese Dienste haben nicht geantwortet, daher fehlen hier ihre Einträge. Versuchen Sie es erneut.
UI_AUDIT_NEWEST = Zu den neuesten
UI_AUDIT_OLDER = Ältere Einträge
UI_AUDIT_WHEN = Wann
UI_AUDIT_WHO = Wer
UI_AUDIT_WHAT = Was getan wurde
UI_AUDIT_LOG_OF = Protokoll von
UI_AUDIT_NOTES = Anmerkungen
UI_AUDIT_ACTION = Aktion
UI_AUDIT_METHOD = Rpc
UI_AUDIT_POSITION = Position in der Kette
UI_AUDIT_SERVICE = der Dienst { $name }
UI_AUDIT_NOBODY_SIGNED_IN = niemand angemeldet
UI_AUDIT_EXPORTS_SAID = Vom Ganzen bis zum einzelnen Vorgang: die Scorecards eines Zyklus, jede Abrechnung mit ihren Zeilen, jeder Entgeltnachweis mit den Vorgängen dahinter. Jede Liste lässt sich so herunterladen, wie sie gezeigt wird.
UI_AUDIT_NO_MONTHS = Noch ist kein Zyklus veröffentlicht.
UI_AUDIT_A_CORRECTION = Korrektur
UI_AUDIT_CARDS = Zyklus und Scorecards
UI_AUDIT_LOG_OF_IT = Protokoll dazu
WORD_SERVICE_IDENTITY = Identität
WORD_SERVICE_ATTENDANCE = Anwesenheit
WORD_SERVICE_PERFORMANCE = Leistung
WORD_SERVICE_COMPENSATION = Vergütung
WORD_SERVICE_TALENT = Talent
WORD_THING_ACCOUNT = Konto
WORD_THING_ALIAS = Alias
WORD_THING_API_KEY = API-Schlüssel
WORD_THING_ATTRIBUTION_RUN = Zurechnungslauf
WORD_THING_BREAK_GLASS = Notfallzugriff
WORD_THING_CARD = Scorecard
WORD_THING_CATALOGUE = Katalog
WORD_THING_CLAIM = Beanspruchung
WORD_THING_CORRECTION = Korrektur
WORD_THING_CYCLE = Zyklus
WORD_THING_DATA_KEY = Datenschlüssel
WORD_THING_DELEGATION = Delegation
WORD_THING_DEVICE = Gerät
WORD_THING_ERASURE = Löschung
WORD_THING_EVENT = Ereignis
WORD_THING_FINDING = Auffälligkeit
WORD_THING_GRANT = Rollenzuweisung
WORD_THING_HANDOVER = Übergabe
WORD_THING_HOLD = Löschsperre
WORD_THING_MEASURE = Messgröße
WORD_THING_OBSERVATION = Beobachtung
WORD_THING_ORG_UNIT = Einheit
WORD_THING_PAY_CORRECTION = Vergütungskorrektur
WORD_THING_PERSON = Person
WORD_THING_POOL = Bonuspool
WORD_THING_PRINCIPAL = Akteur der Suite
WORD_THING_PUNCH = Stempelung
WORD_THING_RATE = Wechselkurs
WORD_THING_RECORD = Vorgang
WORD_THING_REGION = Region
WORD_THING_REPLIES = Antworten
WORD_THING_RETENTION = Aufbewahrung
WORD_THING_ROLE = Rolle
WORD_THING_ROSTER = Dienstplan
WORD_THING_ROW = Zeilen einer Liste
WORD_THING_SCHEDULE = Zeitplan
WORD_THING_SCHEDULE_RUN = Lauf eines Zeitplans
WORD_THING_SCHEME = Bewertungsmodell
WORD_THING_SESSION = Sitzung
WORD_THING_SETTLEMENT = Abrechnung
WORD_THING_SITE = Standort
WORD_THING_SSO_PROVIDER = Anmeldeanbieter
WORD_THING_STATEMENT = Entgeltnachweis
WORD_THING_SUBJECT = Protokoll über ein Objekt
WORD_THING_TABLE = Tabelle
WORD_THING_TENANT = Konzern
WORD_THING_TRANSFER = Übertragung
WORD_DID_ATTENDANCE_ACCOUNT_READ = Konten gelesen
WORD_DID_ATTENDANCE_ACCOUNT_WRITE = Konten geschrieben
WORD_DID_ATTENDANCE_ALIAS_READ = Aliasse gelesen
WORD_DID_ATTENDANCE_ALIAS_WRITE = Aliasse geschrieben
WORD_DID_ATTENDANCE_CORRECTION_APPROVE = Korrektur genehmigt
WORD_DID_ATTENDANCE_CORRECTION_MAKE = Direkt korrigiert
WORD_DID_ATTENDANCE_CORRECTION_READ = Korrekturen gelesen
WORD_DID_ATTENDANCE_CORRECTION_REJECT = Korrektur abgelehnt
WORD_DID_ATTENDANCE_CORRECTION_REQUEST = Korrektur beantragt
WORD_DID_ATTENDANCE_CORRECTION_WITHDRAW = Korrektur zurückgezogen
WORD_DID_ATTENDANCE_DEVICE_READ = Geräte gelesen
WORD_DID_ATTENDANCE_DEVICE_WRITE = Geräte geschrieben
WORD_DID_ATTENDANCE_HANDOVER_IMPORT = Übergaben eingespielt
WORD_DID_ATTENDANCE_HANDOVER_READ = Übergaben gelesen
WORD_DID_ATTENDANCE_HANDOVER_RECORD = Konto übergeben
WORD_DID_ATTENDANCE_OCCUPANCY_READ = Gelesen, wer Konten hatte
WORD_DID_ATTENDANCE_PUNCH_IMPORT = Stempelungen eingespielt
WORD_DID_ATTENDANCE_PUNCH_READ = Stempelungen gelesen
WORD_DID_ATTENDANCE_PUNCH_RECORD = Gestempelt
WORD_DID_ATTENDANCE_ROSTER_READ = Dienstpläne gelesen
WORD_DID_ATTENDANCE_ROSTER_WRITE = Dienstplan geschrieben
WORD_DID_ATTENDANCE_SITE_WRITE = Standorte geschrieben
WORD_DID_COMPENSATION_CORRECTION_APPROVE = Vergütungskorrektur genehmigt
WORD_DID_COMPENSATION_CORRECTION_DRAFT = Vergütungskorrektur entworfen
WORD_DID_COMPENSATION_CORRECTION_WITHDRAW = Vergütungskorrektur zurückgezogen
WORD_DID_COMPENSATION_POOL_CREATE = Bonuspool angelegt
WORD_DID_COMPENSATION_POOL_READ = Bonuspools gelesen
WORD_DID_COMPENSATION_SETTLEMENT_APPROVE = Abrechnung genehmigt
WORD_DID_COMPENSATION_SETTLEMENT_DISCARD = Abrechnung verworfen
WORD_DID_COMPENSATION_SETTLEMENT_DRAFT = Abrechnung entworfen
WORD_DID_COMPENSATION_SETTLEMENT_POST = Abrechnung gebucht
WORD_DID_COMPENSATION_SETTLEMENT_READ = Abrechnungen gelesen
WORD_DID_COMPENSATION_STATEMENT_READ = Entgeltnachweise gelesen
WORD_DID_COMPENSATION_STATEMENT_READ_PAY = Vergütung gelesen
WORD_DID_IDENTITY_API_KEY_CREATE = API-Schlüssel angelegt
WORD_DID_IDENTITY_API_KEY_EXCHANGE = Mit API-Schlüssel angemeldet
WORD_DID_IDENTITY_API_KEY_REVOKE = API-Schlüssel widerrufen
WORD_DID_IDENTITY_BREAK_GLASS_END = Notfallzugriff beendet
WORD_DID_IDENTITY_BREAK_GLASS_OPEN = Notfallzugriff geöffnet
WORD_DID_IDENTITY_BREAK_GLASS_REFUSE = Notfallzugriff verweigert
WORD_DID_IDENTITY_BREAK_GLASS_REVIEW = Notfallzugriff geprüft
WORD_DID_IDENTITY_CATALOGUE_IMPORT = Katalog eingespielt
WORD_DID_IDENTITY_DELEGATION_END = Delegation beendet
WORD_DID_IDENTITY_DELEGATION_WRITE = Rechte delegiert
WORD_DID_IDENTITY_EMPLOYMENT_END = Beschäftigung beendet
WORD_DID_IDENTITY_ENTITLEMENT_WRITE = Module des Konzerns geändert
WORD_DID_IDENTITY_ERASURE_APPROVE = Löschung genehmigt
WORD_DID_IDENTITY_ERASURE_REJECT = Löschung abgelehnt
WORD_DID_IDENTITY_ERASURE_REQUEST = Löschung beantragt
WORD_DID_IDENTITY_ERASURE_WITHDRAW = Löschung zurückgezogen
WORD_DID_IDENTITY_GRANT_READ = Gelesen, wer was darf
WORD_DID_IDENTITY_GRANT_REVOKE = Rolle entzogen
WORD_DID_IDENTITY_GRANT_WRITE = Rolle zugewiesen
WORD_DID_IDENTITY_HOLD_LIFT = Löschsperre aufgehoben
WORD_DID_IDENTITY_HOLD_SET = Löschsperre gesetzt
WORD_DID_IDENTITY_LOGIN_CREATE = Zugang angelegt
WORD_DID_IDENTITY_ORG_CLOSE = Einheit geschlossen
WORD_DID_IDENTITY_ORG_IMPORT = Einheiten eingespielt
WORD_DID_IDENTITY_ORG_MERGE = Einheiten zusammengelegt
WORD_DID_IDENTITY_PASSWORD_CHANGE = Eigenes Passwort geändert
WORD_DID_IDENTITY_PASSWORD_RESET = Passwort zurückgesetzt
WORD_DID_IDENTITY_PERSON_EXPORT = Gespeichertes zu einer Person exportiert
WORD_DID_IDENTITY_PERSON_IMPORT = Personen eingespielt
WORD_DID_IDENTITY_PERSON_READ = Personen gelesen
WORD_DID_IDENTITY_PERSON_READ_PII = Gelesen, wer Personen sind
WORD_DID_IDENTITY_PERSON_RECTIFY = Angaben zu einer Person berichtigt
WORD_DID_IDENTITY_RATE_SET = Wechselkurse hinterlegt
WORD_DID_IDENTITY_REPORTING_SET = Berichtslinie festgelegt
WORD_DID_IDENTITY_REPORTING_END = Berichtslinie beendet
WORD_DID_IDENTITY_RETENTION_SET = Aufbewahrungsfristen festgelegt
WORD_DID_IDENTITY_ROLE_DEFINE = Rolle definiert
WORD_DID_IDENTITY_ROLE_RETIRE = Rolle außer Gebrauch genommen
WORD_DID_IDENTITY_SECOND_FACTOR_BEGIN = Zweiten Faktor begonnen
WORD_DID_IDENTITY_SECOND_FACTOR_CONFIRM = Zweiten Faktor bestätigt
WORD_DID_IDENTITY_SECOND_FACTOR_REMOVE = Zweiten Faktor entfernt
WORD_DID_IDENTITY_SERVICE_ACCOUNT_CREATE = Dienstkonto angelegt
WORD_DID_IDENTITY_SESSION_END = Sitzung beendet
WORD_DID_IDENTITY_SESSION_END_ALL = Alle Sitzungen beendet
WORD_DID_IDENTITY_SESSION_REFRESH = Sitzung fortgesetzt
WORD_DID_IDENTITY_SESSION_SIGN_IN = Angemeldet
WORD_DID_IDENTITY_SSO_PUT = Anmeldeanbieter hinterlegt
WORD_DID_IDENTITY_SSO_REMOVE = Anmeldeanbieter entfernt
WORD_DID_IDENTITY_TENANT_INIT = Konzern angelegt
WORD_DID_PERFORMANCE_CARD_READ = Scorecards gelesen
WORD_DID_PERFORMANCE_CLAIM_MAKE = Dialoge beansprucht
WORD_DID_PERFORMANCE_CLAIM_WITHDRAW = Beanspruchung zurückgezogen
WORD_DID_PERFORMANCE_CREDIT_READ = Zurechnungen gelesen
WORD_DID_PERFORMANCE_CREDIT_EXPORT = Zurechnungen exportiert
WORD_DID_PERFORMANCE_CYCLE_CANCEL = Abschluss eines Zyklus abgebrochen
WORD_DID_PERFORMANCE_CYCLE_CLOSE = Abschluss eines Zyklus begonnen
WORD_DID_PERFORMANCE_CYCLE_FAIL = Abschluss eines Zyklus fehlgeschlagen
WORD_DID_PERFORMANCE_CYCLE_PROGRESS = Abschluss eines Zyklus fortgesetzt
WORD_DID_PERFORMANCE_CYCLE_PUBLISH = Zyklus veröffentlicht
WORD_DID_PERFORMANCE_CYCLE_READ = Zyklen gelesen
WORD_DID_PERFORMANCE_CYCLE_SCORE = Zyklus bewertet
WORD_DID_PERFORMANCE_CYCLE_WRITE = Zyklus geschrieben
WORD_DID_PERFORMANCE_FINDING_APPLY_FIX = Korrektur zu einer Auffälligkeit angewendet
WORD_DID_PERFORMANCE_OBSERVATION_IMPORT = Beobachtungen eingespielt
WORD_DID_PERFORMANCE_OBSERVATION_READ = Beobachtungen gelesen
WORD_DID_PERFORMANCE_OBSERVATION_WITHDRAW = Beobachtung zurückgezogen
WORD_DID_PERFORMANCE_RECORD_IMPORT = Vorgänge eingespielt
WORD_DID_PERFORMANCE_RECORD_MOVE = Vorgang verschoben
WORD_DID_PERFORMANCE_RECORD_READ = Vorgänge gelesen
WORD_DID_PERFORMANCE_RECORD_WITHDRAW = Vorgang zurückgezogen
WORD_DID_PERFORMANCE_REPLY_IMPORT = Antworten eingespielt
WORD_DID_PERFORMANCE_RUN_ATTRIBUTE = Vorgänge zugerechnet
WORD_DID_PERFORMANCE_RUN_COLLECT = Grundlagen eines Zurechnungslaufs gesammelt
WORD_DID_PERFORMANCE_RUN_PROGRESS = Zurechnungslauf fortgesetzt
WORD_DID_PERFORMANCE_CLAIM_IMPORT = Beanspruchungen eingespielt
WORD_DID_PERFORMANCE_RUN_START = Zurechnungslauf begonnen
WORD_DID_PERFORMANCE_SCHEME_EXPORT = Bewertungsmodell exportiert
WORD_DID_PERFORMANCE_SCHEME_IMPORT = Bewertungsmodell eingespielt
WORD_DID_PERFORMANCE_SCHEME_WITHDRAW = Bewertungsmodell außer Kraft gesetzt
WORD_DID_PERFORMANCE_SCHEME_WRITE = Bewertungsmodell geschrieben
WORD_DID_PERFORMANCE_TRANSFER_APPROVE = Übertragung genehmigt
WORD_DID_PERFORMANCE_TRANSFER_PREPARE = Übertragung vorbereitet
WORD_DID_PERFORMANCE_TRANSFER_RELEASE = Übertragung freigegeben
WORD_DID_SUITE_AUDIT_SEARCH = Protokoll durchsucht
WORD_DID_SUITE_PERSON_ERASE = Person gelöscht
WORD_DID_SUITE_PERSON_EXPORT = Gespeichertes zu einer Person exportiert
WORD_DID_SUITE_RETENTION_RUN = Abgelaufenes entfernt
WORD_DID_SUITE_TENANT_EXPORT = Alles des Konzerns exportiert
WORD_DID_TALENT_EVIDENCE_READ = Belege gelesen
WORD_DID_TALENT_EVIDENCE_RECORD = Belege erfasst
WORD_DID_TALENT_PROFILE_READ = Profile gelesen

## Console: platform


## Console: checks and replays, holds, retention, erasure and schedules

REPLAY_ACCOUNT_FIGURES = die Zahlen des Kontos stimmen nicht mit seinen Anteilen überein
REPLAY_ADJUSTMENTS_OTHER = was an Korrekturen gezahlt oder einbehalten wird, weicht ab
REPLAY_AMOUNT_OTHER = eine andere Punktzahl oder ein anderer Betrag
REPLAY_CREDITED =
    { $records ->
        [one] { $records } Vorgang zugerechnet
       *[other] { $records } Vorgänge zugerechnet
    }
REPLAY_DIGEST_OTHER = die Prüfsumme des Zyklus ist nicht die seiner Eingaben und Ergebnisse
REPLAY_FIGURES =
    { $records ->
        [one] { $records } Vorgang
       *[other] { $records } Vorgänge
    }, davon { $unattributed } niemandem zugerechnet; { $credited } Personen des Zyklus zugerechnet; { $people ->
        [one] { $people } Scorecard
       *[other] { $people } Scorecards
    }
REPLAY_FIGURES_OTHER = die Zahlen des Zyklus stimmen nicht mit seinen Anteilen und Scorecards überein
REPLAY_LINE_OTHER = die Schritte, die zum Betrag führen, sind andere
REPLAY_NOT_DERIVED = ist gespeichert, und nichts führt dazu
REPLAY_NOT_STORED = folgt aus den Eingaben, und ist nicht gespeichert
REPLAY_REASON_OTHER = dieselben Personen und Anteile, mit einem anderen Grund
REPLAY_STATEMENT = { $amount } bei einer Punktzahl von { $score }
    .alone = nichts aus dem Bonuspool
    .adjusted = { $line }, und { $adjusted } aus Korrekturen
REPLAY_SUMS =
    { $pool } insgesamt: { $paid } an Personen, { $funds } an Fonds; { $adjusted } aus Korrekturen; { $people ->
        [one] { $people } Entgeltnachweis
       *[other] { $people } Entgeltnachweise
    }
REPLAY_SUMS_OTHER = die Summen der Abrechnung sind nicht die ihrer Entgeltnachweise
REPLAY_SUM_OTHER = die Summe der Anteile, Messgröße für Messgröße, ist eine andere
REPLAY_UNREADABLE = das Gespeicherte ist nicht lesbar: es ist nicht das, was geschrieben wurde
NAV_AUDIT_CHAIN = Prüfung der Protokolle
NAV_AUDIT_REPLAY = Neuberechnung
UI_CHAIN_SAID = Jeder Dienst führt ein Protokoll darüber, was in Ihrem Konzern getan und gesehen wurde. Jeder Eintrag ist mit dem vorherigen verkettet, der neueste ist signiert, und jede Zeile nennt den Eintrag, der sie geschrieben hat. Die Prüfung liest alles noch einmal: was dazwischen geändert, eingefügt oder gelöscht wurde, wird gefunden und genannt.
UI_CHAIN_SERVICE = Welches Protokoll
UI_CHAIN_ALL = Alle
UI_CHAIN_CHECK = Prüfen
UI_CHAIN_CHECKING = Das Protokoll wird gelesen
UI_CHAIN_RESULT = Ergebnis der Prüfung
UI_CHAIN_CHECKED =
    { $count ->
        [one] { $count } Eintrag geprüft
       *[other] { $count } Einträge geprüft
    }
UI_CHAIN_WHOLE = Unversehrt
UI_CHAIN_BROKEN = Beschädigt
UI_CHAIN_UNKNOWN = Nicht bekannt
UI_CHAIN_HOLDS =
    { $entries ->
        [one] { $entries } Eintrag
       *[other] { $entries } Einträge
    } und { $rows ->
        [one] { $rows } Zeile
       *[other] { $rows } Zeilen
    } sind so, wie sie geschrieben wurden.
UI_CHAIN_FAILS =
    { $entries ->
        [one] { $entries } Eintrag
       *[other] { $entries } Einträge
    } und { $rows ->
        [one] { $rows } Zeile
       *[other] { $rows } Zeilen
    } wurden gelesen. Folgendes ist nicht so, wie es geschrieben wurde, je Kette und Tabelle die erste Stelle:
UI_CHAIN_EMPTY = In dieses Protokoll wurde noch nichts geschrieben.
UI_CHAIN_FROM = Erster Eintrag
UI_CHAIN_TO = Letzter Eintrag
UI_CHAIN_OUTSIDE = Wer Tally betreibt, kann die Protokolle außerdem mit tally audit verify gegen signierte Köpfe halten, die anderswo aufbewahrt werden: so fällt auf, wenn eine ältere Datenbank als Ganzes zurückgespielt wurde.
UI_REPLAY_SAID = Ein abgeschlossener Monat folgt aus dem, woraus er entstand: den Sachverhalten und Vorgängen von damals und den Versionen von Richtlinie und Bewertungsmodell. Eine Neuberechnung leitet ihn noch einmal ab und hält ihn gegen das Gespeicherte. Sie ändert nichts.
UI_REPLAY_WHAT = Welcher Zyklus oder welche Abrechnung
UI_REPLAY_CYCLES = Zyklen
UI_REPLAY_SETTLEMENTS = Abrechnungen
UI_REPLAY_RUN = Neu berechnen
UI_REPLAY_NONE = Es gibt noch keinen abgeschlossenen Zyklus, den Sie lesen dürfen. Sobald einer abgeschlossen ist, kann er hier neu berechnet werden.
UI_REPLAY_RUNNING = Wird neu berechnet
UI_REPLAY_RESULT = Ergebnis der Neuberechnung
UI_REPLAY_SAME = Identisch
UI_REPLAY_DIFFERENT = Abweichend
UI_REPLAY_CYCLE_SAME =
    { $credits ->
        [one] { $credits } Anteil
       *[other] { $credits } Anteile
    } und { $cards ->
        [one] { $cards } Scorecard
       *[other] { $cards } Scorecards
    } wurden neu berechnet. Das Gespeicherte ist identisch, auf das Millionstel genau.
UI_REPLAY_CYCLE_DIFFERENT =
    { $credits ->
        [one] { $credits } Anteil
       *[other] { $credits } Anteile
    } und { $cards ->
        [one] { $cards } Scorecard
       *[other] { $cards } Scorecards
    } wurden neu berechnet. An { $differing ->
        [one] einer Stelle
       *[other] { $differing } Stellen
    } weicht das Gespeicherte ab.
UI_REPLAY_PAY_SAME =
    { $statements ->
        [one] { $statements } Entgeltnachweis wurde
       *[other] { $statements } Entgeltnachweise wurden
    } neu berechnet. Das Gespeicherte ist identisch, auf den Cent genau.
UI_REPLAY_PAY_DIFFERENT =
    { $statements ->
        [one] { $statements } Entgeltnachweis wurde
       *[other] { $statements } Entgeltnachweise wurden
    } neu berechnet. An { $differing ->
        [one] einer Stelle
       *[other] { $differing } Stellen
    } weicht das Gespeicherte ab.
UI_REPLAY_DIGESTS = Prüfsummen
UI_REPLAY_DIGEST = Eingaben und Ergebnisse
UI_REPLAY_DIGEST_CREDITS = Anteile
UI_REPLAY_DIGEST_INPUTS = Eingaben
UI_REPLAY_THEN = Damals
UI_REPLAY_NOW = Jetzt
UI_REPLAY_FIRST =
    { $count ->
        [one] Dies ist die erste ({ $count }).
       *[other] Dies sind die ersten { $count }.
    }
UI_REPLAY_RENAMED = Die Prüfsumme ist eine andere, obwohl das Ergebnis dasselbe ist: etwas heißt jetzt anders, etwa eine Person, deren Daten gelöscht wurden, oder die Zeitzonendatenbank hat eine andere Version.
UI_REPLAY_WHERE = Wo
UI_REPLAY_STORED = Gespeichert
UI_REPLAY_DERIVED = Neu berechnet
UI_REPLAY_WHY = Was abweicht
UI_REPLAY_OF_CREDIT = Anteile an { $record } auf { $account }
UI_REPLAY_OF_ACCOUNT = Konto { $account }
UI_REPLAY_OF_SUM = Summen von { $person }
UI_REPLAY_OF_CARD = Scorecard von { $person }
UI_REPLAY_OF_CYCLE = Der Zyklus
UI_REPLAY_OF_STATEMENT = Entgeltnachweis von { $person }
UI_REPLAY_OF_SETTLEMENT = Die Abrechnung
UI_REPLAY_MASKED = Gespeichertes und neu Berechnetes sieht, wer Scorecards und Vergütung lesen darf.
UI_REPLAY_BROKE = Es konnte nicht zu Ende gebracht werden.
WORD_DID_COMPENSATION_SETTLEMENT_REPLAY = Abrechnung neu berechnet
WORD_DID_PERFORMANCE_CYCLE_REPLAY = Zyklus neu berechnet
WORD_DID_SUITE_AUDIT_VERIFY = Protokoll geprüft
NAV_SCHEDULES = Automatischer Abschluss
NAV_HOLDS = Löschsperren
NAV_RETENTION = Aufbewahrung
NAV_ERASURES = Löschung
UI_HOLD_ON = Was gesperrt ist
UI_HOLD_BY = Gesetzt von
UI_HOLD_STANDS = Besteht
UI_HOLD_LIFTED = Aufgehoben { $at }: { $reason }
UI_NO_HOLDS = Es besteht keine Löschsperre.
UI_NEW_HOLD = Löschsperre setzen
UI_HOLDS_SAID = Was unter einer Löschsperre steht, wird in keinem Dienst gelöscht und auch nach Ablauf seiner Frist nicht entfernt.
UI_HOLD_ALL_HINT = Leer lassen, um den ganzen Konzern zu sperren.
UI_LIFT_HOLD = Löschsperre aufheben
UI_LIFT_SAID = { $of } steht unter einer Löschsperre ({ $reason }). Sobald sie aufgehoben ist, kann Abgelaufenes endgültig entfernt werden.
UI_NAME_NOBODY = Etwa ein Aktenzeichen. Nennen Sie niemanden: dies wird länger aufbewahrt als die Daten der Person.
UI_MONTHS_KEPT = Monate der Aufbewahrung
UI_MONTHS_BOUNDS = Grenzen
UI_MONTHS_WITHIN = { $least } bis { $most }; { $usual }, wenn nichts festgelegt ist
UI_COUNTED_FROM = Gezählt ab
UI_WHY_KEPT = Warum es aufbewahrt wird
UI_RETENTION_SAID = Wie lange jede Art von Daten in jedem Dienst aufbewahrt wird. Abgelaufenes entfernt die Bereinigung, die der Betreiber laufen lässt.
UI_RETENTION_SHORTER = Legen Sie weniger Monate fest, so entfernt die nächste Bereinigung endgültig, was bis dahin abgelaufen ist.
UI_NUMBER_WANTED = Geben Sie eine ganze Zahl ein.
UI_ERASURE_WAITS = Wartet auf Genehmigung
UI_ERASURE_UNDER_WAY = Läuft
UI_ERASURE_COMPLETED = Überall gelöscht
UI_ERASURE_DROPPED = Hinfällig
UI_WHY_DROPPED = Warum hinfällig
UI_NO_ERASURES = Es wurde noch keine Löschung beantragt.
UI_NEW_ERASURE = Löschung beantragen
UI_ERASURES_SAID = Die Daten einer ausgeschiedenen Person werden gelöscht, sobald jemand es beantragt und jemand anderes es genehmigt. Ergebnisse, nach denen andere bezahlt werden, bleiben ohne den Namen.
UI_APPROVE_ERASURE = Genehmigen und löschen
UI_APPROVE_ERASURE_SAID = Die Daten von { $name } werden in jedem Dienst gelöscht. Das lässt sich nicht rückgängig machen.
UI_REJECT_ERASURE = Ablehnen
UI_WITHDRAW_ERASURE = Zurückziehen
UI_WHAT_SERVICES_DID = Was jeder Dienst getan hat
UI_ROWS_ERASED = Zeilen bereinigt
UI_NEXT_CLOSING = Nächster Abschluss
UI_LAST_RUN_FAILED = Der letzte Lauf ist gescheitert
UI_RUNS_BY_ITSELF = Läuft automatisch
UI_NO_SCHEDULES = Noch kein Monat wird automatisch abgeschlossen.
UI_SCHEDULES_SAID = Monate, die automatisch abgeschlossen werden. Nichts wird automatisch veröffentlicht. Ein Zeitplan wird über die rpcs geschrieben (CreateSchedule).
UI_CLOSES = Schließt ab
UI_CLOSES_ON = am { $day }. des Folgemonats, { $time } ({ $zone })
UI_LOOKS_FIRST = Erst Vorschau
UI_WAITS_MINUTES =
    und schließt { $minutes ->
        [one] { $minutes } Minute
       *[other] { $minutes } Minuten
    } später ab, wenn niemand es anhält
UI_WAS_DUE = Fällig
UI_GOES_ON = Geht weiter
UI_STOP_RUN = Diesen Lauf anhalten
UI_BEGIN_MONTH = Monat von Hand beginnen
UI_BEGIN_SAID = Für einen Monat, der vorbei ist und nicht begonnen wurde oder dessen Lauf gescheitert ist oder angehalten wurde.
UI_MONTH = Monat
UI_MONTH_HINT = Etwa 2026-03.
UI_SCHEDULE_RUNS = Läufe
UI_NO_RUN_YET = Es gab noch keinen Lauf.
WORD_SCHEDULE_RUN_STATE_LOOKING = Prüft, was fehlt
WORD_SCHEDULE_RUN_STATE_WAITING = Wartet, schließt dann ab
WORD_SCHEDULE_RUN_STATE_CLOSING = Abschluss läuft
WORD_SCHEDULE_RUN_STATE_DONE = Abgeschlossen
WORD_SCHEDULE_RUN_STATE_FAILED = Gescheitert
WORD_SCHEDULE_RUN_STATE_STOPPED = Angehalten
DONE_HOLD_SET = Die Löschsperre ist gesetzt.
DONE_HOLD_LIFTED = Die Löschsperre ist aufgehoben.
DONE_RETENTION_SET = Die Monate sind gespeichert.
DONE_ERASURE_ASKED = Beantragt. Jemand anderes genehmigt es.
DONE_ERASURE_APPROVED = Genehmigt; die Dienste löschen jetzt.
DONE_ERASURE_REJECTED = Abgelehnt.
DONE_ERASURE_WITHDRAWN = Zurückgezogen.
DONE_SCHEDULE_RUN_STOPPED = Der Lauf ist angehalten.
DONE_SCHEDULE_RUN_BEGUN = Der Monat ist begonnen.
