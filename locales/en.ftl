### The English sentences of Tally. An id in UPPER_SNAKE is a reason of errors, findings or rejected rows; the comment above it
### says when it is given. A sentence says what to do; it is cut into nothing and glued to nothing. Where one reason has several
### sentences, the others are its attributes.

## Parts

LIST_SEPARATOR = {"; "}
REFUSED_BECAUSE = { $kind } ({ $told })
KIND_INVALID_ARGUMENT = the request is wrong: change it
KIND_NOT_FOUND = nothing there that you may see
KIND_ALREADY_EXISTS = it is there already
KIND_ABORTED = somebody else changed it: read it again
KIND_FAILED_PRECONDITION = its state does not allow this
KIND_PERMISSION_DENIED = you may not do this
KIND_UNAUTHENTICATED = sign in first
KIND_RESOURCE_EXHAUSTED = too much at once: try again in a moment
KIND_UNAVAILABLE = the service is away: try again in a moment
KIND_DEADLINE_EXCEEDED = it took too long
KIND_CANCELLED = the call was given up
KIND_UNIMPLEMENTED = nobody does this at that address

## Kinds of things

RESOURCE_ACCOUNT = account
RESOURCE_ALIAS = alias
RESOURCE_API_KEY = API key
RESOURCE_CARD_OF_PERSON = card of person
RESOURCE_COMPONENT = component
RESOURCE_CORRECTION = correction
RESOURCE_CYCLE = cycle
RESOURCE_DEVICE = device
RESOURCE_DELEGATION = delegation
RESOURCE_EMERGENCY = emergency
RESOURCE_EMPLOYMENT = employment
RESOURCE_ERASURE = erasure
RESOURCE_FINDING = finding
RESOURCE_GRANT = grant
RESOURCE_HANDOVER = hand-over
RESOURCE_HOLD = hold
RESOURCE_LEAVE = leave
RESOURCE_LOGIN = login
RESOURCE_ATTRIBUTION_RUN = attribution run
RESOURCE_ORG_UNIT = org unit
RESOURCE_PAGE = page
RESOURCE_PERSON = person
RESOURCE_POOL = pool
RESOURCE_POSITION = position
RESOURCE_PRINCIPAL = principal
RESOURCE_PROFILE_OF_PERSON = profile of person
RESOURCE_PROVIDER = provider
RESOURCE_PUNCH = punch
RESOURCE_RECORD = record
RESOURCE_MEASURE = measure
RESOURCE_CLAIM = claim
RESOURCE_OBSERVATION = observation
RESOURCE_REPORTING_LINE = reporting line
RESOURCE_SCHEDULE = schedule
RESOURCE_ROLE = role
RESOURCE_RUN_OF_A_SCHEDULE = run of a schedule
RESOURCE_SCHEME = scheme
RESOURCE_SCHEME_VERSION = scheme version
RESOURCE_SERVICE_ACCOUNT = service account
RESOURCE_SESSION = session
RESOURCE_SETTLEMENT = settlement
RESOURCE_SHIFT = shift
RESOURCE_STATEMENT_OF_PERSON = statement of person
RESOURCE_TRANSFER = transfer
RESOURCE_UPLOAD = upload

## Every service

# A fault of ours.
INTERNAL = something went wrong on our side; the operator's log has the details
INTERNAL_DETAILS = details for whoever looks into it: { $details }
# Nothing there, or nothing that the caller may know of.
NOT_FOUND = no { $resource } { $id } that you may see
    .unit_on = no org unit { $id } that you may see on { $day }, the day that counts: it was closed before, begins later or never was (ListOrgUnits with as_of shows which are there)
    .goes_on = org unit { $id } was closed before { $day }, the day that counts, and its people went to { $into }: name that one
    .id_number = no person with this identity number that you may see
    .removed = { $missing }; if it was before { $day }, retention may have removed it
# Wrong fields; the details name each.
INVALID_REQUEST = { $count ->
    [one] { $count } field is wrong; the details name it
   *[other] { $count } fields are wrong; the details name each
}
INVALID_FIELD = { $field }: { $problem }
LIST_EMPTY = at least one
NAME_ONE_OF = name exactly one of { $fields }
CHANGE_MISSING = say what is to be different
# A date that is none, or is missing.
DATE_EXPECTED = a date is expected: YYYY-MM-DD
    .month = a month is expected: YYYY-MM
TEXT_EMPTY = must not be empty
TEXT_TOO_LONG = at most { $max } characters
# Not a UUID.
ID_MALFORMED = a UUID is expected
# A date that cannot be read.
DATE_MALFORMED = { $field }: write YYYY-MM-DD
    .text = "{ $text }" is not a date: write YYYY-MM-DD
# The last day lies before the first.
DATES_BACKWARDS = { $last } lies before { $first }
# An instant that no calendar has.
INSTANT_INVALID = an instant of the years 1 to 9999 is expected
# A text that is missing or too long.
TEXT_UNUSABLE = { $field }: 1 to { $max } characters
# More rows than one call takes.
ROWS_TOO_MANY = at most { $max } rows in a call, these are { $count }: send several calls
# A call that writes rows, without any.
ROWS_MISSING = there is no row: send at least one
# The change would change nothing.
NOTHING_CHANGES = it is so already
    .fix = it was put right already, and the finding is from before that: close the cycle again (CloseCycle; CorrectCycle where it is published) or start another attribution run, then look at what it finds
# The token belongs to another list.
PAGE_TOKEN_INVALID = the page token does not belong to this list: start again without one

## Numbers, money, time

# A number that cannot be read.
DECIMAL_MALFORMED = "{ $text }" is no decimal with at most six places
# A share below nothing or above the whole.
SHARE_OUT_OF_RANGE = a share is 0 to 1000000 millionths, not { $ppm }
# No currency of today.
CURRENCY_UNKNOWN = "{ $text }" is no active ISO 4217 code: write three capital letters such as CNY
# An amount of money that cannot be read.
AMOUNT_MALFORMED = "{ $text }" is no amount: write digits with at most one point, such as 1234.50, without separators or signs of money
# An amount of money with more places than its currency has.
AMOUNT_TOO_FINE = "{ $text }" is finer than { $currency } allows: at most { $digits } digits after the point
# An amount of money that nobody has.
AMOUNT_TOO_LARGE = the amount is too large
# Two currencies in one sum.
CURRENCY_MISMATCH = { $one } and { $other } cannot be summed: convert one of them first
    .pool = the pool is in { $pool } and the other amounts are in { $other }: one settlement has one currency
# A rate of exchange that cannot be read.
RATE_MALFORMED = "{ $text }" is no rate: write digits with at most one point, such as 7.1234, at most 12 of them after it and 18 in all
# A rate of exchange of nothing or less.
RATE_NOT_POSITIVE = a rate is above 0: write what one unit of the first currency is worth in the second
# Money is to be converted, and nobody said at which rate.
RATE_MISSING = no rate from { $from } to { $to } is known on { $day }: write one that holds from that day or before with SetRates, then do this again
# Money is to be split, and nobody is there.
SPLIT_WITHOUT_PEOPLE = nobody to split among
# Money is to be split by weights that are all zero.
SPLIT_WITHOUT_WEIGHT = all weights are zero, so there is no rule to split by
# Money is to be split, and somebody is there twice.
SPLIT_DUPLICATE_ID = an id is there twice
# Money is to be split by weights that cannot be summed exactly.
SPLIT_WEIGHTS_TOO_LARGE = the weights are too large for exact arithmetic: divide all of them by a common factor
# No time zone of this name.
ZONE_UNKNOWN = "{ $zone }" is no IANA time zone: write a name such as Asia/Shanghai
# A time that cannot be read.
TIME_MALFORMED = "{ $text }" is no time: write 2026-03-02T08:00:00+08:00, or 2026-03-02 08:00:00 for local time
# A local time that the clocks left out.
TIME_IN_GAP = { $local } does not exist in { $zone }: the clocks were put forward over it
# A date that no calendar of ours holds.
TIME_OUT_OF_RANGE = the date is out of range
# A period that ends before it begins.
PERIOD_BACKWARDS = the period ends on { $to }, before it begins on { $from }

## Sign-in

# No bearer token was sent.
TOKEN_MISSING = sign in first: no bearer token was sent
# Nobody is signed in, and the call needs somebody.
UNAUTHENTICATED = sign in first
# Not ours, forged, or a service's key used for somebody else.
TOKEN_INVALID = the token is not valid here: sign in again
# Its life is over.
TOKEN_EXPIRED = the token's life is over: sign in again
# The token's key may be newer than what this service has read.
KEY_NOT_KNOWN_YET = the key of this token is not known here yet: try again in a moment
# A token of ours comes from the future.
CLOCKS_DIFFER = the clocks of the suite differ: try again in a moment
# The stack of another region made the token.
TOKEN_OF_ANOTHER_REGION = the stack of another region made this token: sign in here
# Somebody ended the session, or the employment is over.
SESSION_ENDED = this session has ended: sign in again
# A wrong name, password or code, or too many of them.
SIGN_IN_REFUSED = the name, the password or the code is wrong; after five wrong ones wait, up to 15 minutes
# The login has a second factor.
SECOND_FACTOR_NEEDED = send the code that your authenticator shows, or a recovery code
# A code that is wrong or was used.
SECOND_FACTOR_WRONG = the code is wrong, or was used: wait for the next one, and see that the clock is right
# A password for one sign-in.
PASSWORD_MUST_CHANGE = this password was for one sign-in: send a new one along, as new_password
# A password that is easily guessed.
PASSWORD_WEAK = too easy to guess: take four words that do not belong together
    .why = too easy to guess ({ $why }): take four words that do not belong together
WEAK_BY_KEYBOARD = keys that lie side by side are guessed first
WEAK_BY_REPEATS = repeating something hardly makes it harder
WEAK_BY_FAME = this is one of the most used passwords, or like one
WEAK_BY_SEQUENCE = sequences such as abc or 6543 are guessed first
WEAK_BY_DATE = years and dates are guessed first
WEAK_BY_WORD = one word or name by itself is guessed first
# A password that is too short or too long.
PASSWORD_UNUSABLE = 12 to 256 characters
# A sign-in name that cannot be one.
LOGIN_MALFORMED = 2 to 100 letters, digits and . _ - @ +
# Another login has this name.
LOGIN_TAKEN = somebody has this sign-in name
# A person has at most one login.
PERSON_HAS_LOGIN = this person has a login: a person has one
# The refresh token is of no session, or its session has ended.
REFRESH_REFUSED = no such session, or it has ended: sign in again
# A refresh token came twice, so somebody may have copied it.
REFRESH_REUSED = this refresh token was used before, so its session was ended for safety: sign in again
# The principal has single sign-on or keys, and no password.
NO_PASSWORD = this principal signs in without a password
# An administrator wanted to reset the own password.
RESET_ONESELF = one's own password is changed with the old one: ChangePassword
# Whoever resets a password could sign in with it, so he must hold what the login holds.
LOGIN_HOLDS_MORE = it holds { $permission }, which you could not give it: ask somebody who can
# A second factor is to be enrolled where there is one.
SECOND_FACTOR_ALREADY_EXISTS = there is a second factor already: remove it first
# The call is about a second factor that is not there.
SECOND_FACTOR_MISSING = there is no second factor: begin with EnrollTotp
# A service account's key is unknown, revoked or over.
API_KEY_REFUSED = no such key, or it has ended: make a new one
# An account has as many keys as it may have.
TOO_MANY_KEYS = an account has at most { $max } keys that live: revoke one first
# A key's end is over already, or too far away.
KEY_LIFE_UNUSABLE = expires_at: an instant to come, at most { $days } days away
# Nobody has registered a provider of this name.
PROVIDER_UNKNOWN = no provider of single sign-on has this name
# A provider's name that cannot be one.
PROVIDER_MALFORMED = 2 to 50 of a-z, 0-9 and -
# Names of providers are unique in a stack.
PROVIDER_NAME_TAKEN = another group has a provider of this name: take another
# An address of single sign-on that is not safe.
ADDRESS_MALFORMED = an address that begins with https:// (or http:// on the loopback), without # and without a user
# The identity provider cannot be reached, or answers what nobody understands.
SSO_PROVIDER_AWAY = the identity provider cannot be asked, or gives no sensible answer: try again in a moment
# The browser comes back with a sign-in that is over, or that another browser began.
SSO_STATE_REFUSED = this sign-in is over, or was begun elsewhere: begin again
# The identity provider's token does not hold.
SSO_REFUSED = the identity provider's word was not taken: begin again
# The identity provider vouches for somebody who has no login here.
SSO_LOGIN_UNKNOWN = the identity provider knows you, and no login here is yours: ask an administrator for one
# The person is not employed.
EMPLOYMENT_ENDED = you are not employed today: ask those who keep the group's people
# The group's plan lacks the module.
MODULE_NOT_ENTITLED = the group does not have the module { $module }: ask whoever operates the suite
# The group may read and nothing else.
TENANT_SUSPENDED = the group is suspended: whoever operates it can resume it
# The data live in another region's stack.
REGION_NOT_SERVED = data of the region { $region } live in the stack of that region: send this call there (this one serves { $served })
    .file = the file is for the region { $region }: take it in there
# The question is by a field that the caller may not read.
FIELD_NOT_READABLE = { $field }: to look for somebody by it takes { $permission }, which none of your grants gives you
# No grant reaches it.
PERMISSION_DENIED = you may not do this: ask for a grant
    .at_all = none of your grants gives you { $permission }
    .here = your grants give you { $permission }, but not here
    .group = your grants give you { $permission } for units, and what names no unit is the whole group's: name a unit of yours where the call takes one, else ask for a grant on the group
    .signed_in = this is for those who signed in
    .other_group = a service asks for views of the group it works in
# The caller had a hand in an earlier step.
FOUR_EYES_REQUIRED = this takes somebody else: whoever had a hand in an earlier step, also by delegating the right or having it delegated, cannot take this one

## The group, its units and its people

# The store holds a group.
INITIALISED_ALREADY = this store holds a group already: sign in, start with an empty store, or bring an invitation
    .invited = this invitation was used already, and its group is there: sign in to that group, or ask the operator for another invitation
# The invitation was made by another stack, or a part of it is missing.
INVITATION_INVALID = the invitation is not one of this stack, or not whole: ask its operator for another
# The invitation was not used in time.
INVITATION_EXPIRED = the invitation's life is over: ask the operator for another
# An invitation names the group that it is for.
INVITED_ANOTHER = the invitation is for a group with another id
# The region is to be added and is there.
REGION_ALREADY_EXISTS = the group has the region { $region }
# A name of a region that cannot be one.
REGION_MALFORMED = a region is 1 to 32 of a-z, 0-9 and -, such as cn-north
REGION_UNUSABLE = 1 to 32 of a-z, 0-9 and -, each once
REGION_IS_GLOBAL = a region, not the whole group
# A branch needs a region where the group has several.
REGION_MISSING = the group has several regions: name the branch's
    .from = this stack serves several regions of the group: name the one that the file leaves in from_region
    .switch = this stack serves several regions of the group: name the one that the file leaves with --from REGION
# No such region in this group.
REGION_UNKNOWN = the group has no region "{ $region }"
# A branch is in another region than the one that is named.
REGION_DIFFERS = the branch is in { $region }, and data do not move between regions
# Data do not move between regions.
REGION_CROSSED = the units are in different regions, and data do not move between regions
    .person = the unit is in another region, and data do not move between regions: end the employment here, and hire the person there under a number of that region
    .manager = the manager belongs to another region, whose people may not read this one's data
# The group is suspended and is to be suspended.
SUSPENDED_ALREADY = the group is suspended already
# A group is to be deleted soon after it was suspended.
SUSPENDED_TOO_SHORT = a group is deleted 30 days after it was suspended, not before { $from }
# The group is in use and is to be resumed or deleted.
NOT_SUSPENDED = the group is in use
# Whoever deletes a group says its name.
NAME_DIFFERS = say the group's name letter for letter, so that it is the right one
# The group is gone.
TENANT_DELETED = the group was deleted
# A module that is not there.
MODULE_UNKNOWN = "{ $name }" is no module: there are { $known }
# A person has one pseudonym in the group.
PSEUDONYM_ALREADY_EXISTS = the person has another pseudonym: it stays
# A pseudonym is one person's.
PSEUDONYM_TAKEN = somebody else here has this pseudonym: look whose it is
# Directories are taken in from old to new.
DIRECTORY_OLDER = a newer directory of this region was taken in already
# The path of a unit that cannot be one.
UNIT_PATH_MALFORMED = 1 to 16 names joined by /, each 1 to 200 characters
# The name of a unit that cannot be one.
UNIT_NAME_MALFORMED = 1 to 200 characters, without /
# No such unit.
UNIT_UNKNOWN = no unit "{ $path }": import it first
    .was = no unit is called "{ $path }" on { $day }, since it was renamed, moved or closed: write the path that it has on that day
# The unit is there as another kind.
UNIT_DIFFERS = the unit is there as a { $kind ->
    [legal_entity] legal entity
    [branch] branch
    [department] department
    [team] team
   *[group] group
}
# A unit below the root is to be the group.
UNIT_KIND_IS_ROOTS = only the root is the group
# A kind of unit that this version does not know.
UNIT_KIND_UNKNOWN = this is no kind of unit: branch, legal entity, department or team, or none, for the usual one
# The day is before the unit begins.
UNIT_BEGINS_LATER = the unit or one above it begins on { $day }: name a date from then on
    .hired_on = "{ $path }" begins on { $day }, after hired_on
# The unit closes while something would hang on it.
UNIT_CLOSES = the unit { $unit } closes with { $day }: choose another, or other days
    .into = the unit { $unit } closes with { $day }, and its people go to { $into }: choose that one, or other days
# An import would make a second unit beside one that was renamed or moved.
UNIT_HAD_NAME = a unit was called "{ $name }" there until { $day }, and has another name or place now: write the path that it has (ListOrgUnits), or, for a new unit of the old name, what it is (kind)
# The root is to be moved, closed or merged.
ROOT_STAYS = the root is the group: it stays as it is
# The units would form a circle.
ORG_CYCLE = the new parent lies below the unit, now or by a planned move
# The tree would be too deep.
ORG_TOO_DEEP = the tree would be deeper than { $max } names, now or by a planned move
# Names below one parent are unique on every day.
UNIT_NAME_TAKEN = the parent has a unit "{ $name }" on those days
# Changes of a unit are made in the order of their days.
UNIT_CHANGE_PLANNED = the unit has a change on { $day }: name that day or a later one
# A unit is to be moved, closed or merged from a day of months before.
UNIT_CHANGE_BACKDATED = { $from } is before the month that goes on now: whoever the unit was under would no longer see its days from then on, closed and paid months among them, and whoever it comes to would. Name { $first } or a later day, or say backdated where it was truly so since then
# A unit with others below it is to be closed.
UNIT_HAS_CHILDREN = "{ $name }" hangs below the unit then: move or close it first, or merge the unit
# A unit with people is to be closed.
UNIT_HAS_PEOPLE = { $count ->
    [one] { $count } employment is in the unit then: say in move_people_to where it goes
   *[other] { $count } employments are in the unit then: say in move_people_to where they go
}
# The units to merge and the one that stays are not apart.
MERGED_INTO_ITSELF = name one or more units to merge, each once, and another one that stays
# The unit that people go to cannot take them.
PEOPLE_TO_NOWHERE = the unit that people go to must be a branch or below and must not close that day
# People are in units of a region.
UNIT_HAS_NO_REGION = people belong to a branch or below, not to the group itself
# An import brings a number that is there with something else.
PERSON_DIFFERS = this employee number is there with another { $field }
# A row of a number whose earlier row was refused.
EARLIER_ROW_REFUSED = an earlier row of this number was refused, and this one goes on from it: correct that one, and send both again
# A row of people into a unit that the caller may not write to: such as for days before a team came from another branch.
PERSON_OUT_OF_REACH = the unit is beyond what you may write to, today or on a day since the first one: leave the row out, or have somebody send it who may for all of them
# Two employments of the same kind on one day.
EMPLOYMENT_OVERLAPS = the person's employment from { $day } covers some of these days: end it first
# No employment on the day.
NOT_EMPLOYED = the person is not employed on { $day }
# The manager has no employment on the day.
MANAGER_NOT_EMPLOYED = the manager is not employed on { $day }: choose another
# It is to end later than it does.
ENDS_ALREADY = the employment ends on { $day } already
    .line = the line ends on { $day } already
# A word or a number that is no kind of employment.
EMPLOYMENT_KIND_UNKNOWN = "{ $text }" is no kind of employment: use full_time, part_time, fixed_term, intern, agency, outsourced or freelance
# A position or grade that the catalogue lacks on the day.
NOT_IN_CATALOGUE = { $field }: the group's catalogue has no "{ $code }" on { $day }: import it first, or choose another
# Changes of an employment are made in the order of their days.
EMPLOYMENT_CHANGE_PLANNED = the employment has a change on { $day }: name that day or a later one, or cancel the change
# The change to be cancelled is not there, or has begun.
NOTHING_PLANNED = the employment has no change on { $day } that could still be dropped
# A home is to be ended like a post.
HOME_ENDS = this is the home employment, which EndEmployment ends with all beside it
# The first day is to be moved over something that was before.
START_TOO_LATE = something of it, or beside it, is on { $day }, before that first day: put that right first
# A post or a leave would last longer than the home.
OUTLASTS_HOME = the home employment ends on { $day }: posts and leaves end with it at the latest
# Two leaves on one day.
LEAVE_OVERLAPS = the person's leave from { $day } covers some of these days: end it first
# The kind of a new post is missing.
POST_KIND_MISSING = concurrent or secondment: a home is hired, transferred or rehired
# Numbers of employees are unique.
EMPLOYEE_NO_TAKEN = somebody else has this employee number
# Numbers of identity documents are unique in a region.
ID_NUMBER_TAKEN = somebody else of this region has this number
# A number that no identity document has.
ID_NUMBER_INVALID = an identity number has 1 to 64 characters without control characters
# A Chinese resident identity number with a slip.
ID_NUMBER_CHECKSUM = the last place of this resident identity number does not fit the others: see the card
LINE_KIND_MISSING = solid or dotted
# Somebody would report to himself.
REPORTING_CYCLE = on { $day } the manager reports to this person, directly or through others
# A person has one solid line a day.
LINE_CHANGE_PLANNED = another solid line begins on { $day }: end it, or name a last day before
# The line is there.
LINE_THERE_ALREADY = line { $id } says so on some of these days
# A rate of exchange between a currency and itself.
RATE_OF_ITSELF = a currency is always worth itself: name another one
# A list of rates as of an instant and of all time at once.
SUPERSEDED_AND_KNOWN_AT = ask either for what was known at an instant or for all that was ever said
# An entry of the catalogue without its kind.
KIND_MISSING = say whether it is a position or a grade
# A grade without a rank, or a position with one.
RANK_UNUSABLE = a grade has a rank from 1 on, a position has none
# Entries of the catalogue do not overlap.
ENTRY_CHANGE_PLANNED = the code has an entry from { $day } on: end before that day, or begin on it

## Access

# Hours that cannot be read.
HOURS_MALFORMED = hours are two different times, such as 08:00-20:00
# What a scope names does not fit its kind.
SCOPE_MALFORMED = self, reports and tenant name nothing; unit, subtree and legal_entity name a unit; region names a region
REACH_MISSING = say how far it reaches
# A permission that is not there.
PERMISSION_UNKNOWN = "{ $text }" is not a permission of this version
# No role of this name.
ROLE_UNKNOWN = no role is called "{ $role }"
    .own = the group has no role of its own called "{ $role }"
# Every role says on which scopes it is given.
SCOPE_NOT_FOR_ROLE = { $role } is not given on the scope { $scope }
# The scope of an employer names another unit.
NOT_A_LEGAL_ENTITY = { $unit } is not a legal entity
# The scopes self and reports need a person behind the login.
NO_PERSON = this login belongs to no person: name a unit or region
    .punching = only people punch and hand over accounts: sign in with a login that belongs to a person
    .claiming = only people claim dialogues: sign in with a login that belongs to a person
# Two duties that one person must not have.
DUTIES_SEPARATED = nobody holds both { $a } and { $b }: give it to somebody else
    .role = no role gives both { $a } and { $b }: make two of it
    .holder = { $principal } has this role and would hold both { $a } and { $b }: take one of the grants away first
    .delegated = nobody holds both { $a } and { $b }, not for a day: delegate it to somebody else
# The same role on the same scope.
GRANTED_ALREADY = grant { $id } gives this on those days
# One passes on only what one holds.
GRANT_NOT_HELD = none of your own grants gives you { $permission } there, so you cannot pass it on
# One gives oneself nothing.
GRANT_TO_ONESELF = nobody gives himself what he does not hold: ask another administrator
    .role = you have this role and do not hold { $permission }: ask another administrator
# The grant is gone.
REVOKED_ALREADY = the grant is taken away already
# Who gets a role is named twice, or not at all.
PRINCIPAL_OR_LOGIN = name the principal or the login, one of them
# Somebody must be able to give roles.
LAST_ADMINISTRATOR = then nobody could give roles any more: give group_admin to somebody else first
# A role's name that cannot be one.
ROLE_NAME_MALFORMED = 2 to 64 of a-z, 0-9 and _
# Ready roles and services keep their names.
ROLE_NAME_RESERVED = a ready role or a service has this name: take another
# A role that gives nothing.
ROLE_EMPTY = name at least one permission and one scope
# Some permissions are for services.
ROLE_FOR_SERVICES = { $permission } is for services of the suite alone
# A role that somebody has is to be removed.
ROLE_IN_USE = { $count ->
    [one] { $count } grant gives this role: take it away first
   *[other] { $count } grants give this role: take them away first
}
# A delegation of nothing.
DELEGATION_EMPTY = name at least one permission
# A delegation of no time, or of time that is over.
DELEGATION_TIME = it must end after it begins, and in the future
# A delegation for too long.
DELEGATION_TOO_LONG = at most 90 days: for longer let somebody give a role
# One delegates nothing to oneself.
DELEGATION_TO_ONESELF = name somebody else
# The delegation is over.
DELEGATION_ENDED = the delegation is over already
# Rights over rights are not delegated.
PERMISSION_NOT_DELEGABLE = { $permission } is never delegated
# An emergency that opens nothing.
BREAK_GLASS_EMPTY = name the permissions to open
# Some permissions no emergency opens.
PERMISSION_NOT_OPENED = no emergency opens { $permission }: rights over rights and separated duties stay where they are
# An emergency names where it is.
BREAK_GLASS_SCOPE = name a unit, a region or the group, not self or reports
# An emergency says why.
BREAK_GLASS_REASON = say what happened in at least 20 characters
# An emergency is short.
BREAK_GLASS_TIME = 1 to 60 minutes
# One emergency at a time, and none is reviewed before it ended.
BREAK_GLASS_OPEN = your emergency { $id } is open: end it first
    .unreviewed = the emergency is still open: end it, then review it
# The emergency is over.
BREAK_GLASS_ENDED = the emergency is over already
# In an emergency every row that is read is noted, which a stream cannot do.
BREAK_GLASS_NO_STREAMS = an emergency opens no streams: ask for the rows one page at a time
# The emergency has its review.
REVIEWED_ALREADY = it is reviewed already
ALLOWED_BY_ROLE = the role { $role } gives { $permission } here
ALLOWED_BY_DELEGATION = { $permission } is delegated or opened in an emergency: see by whom
REFUSED_HERE = the role { $role } gives { $permission }, but not here
REFUSED_BY_CONDITION = the role { $role } gives { $permission } here only with a second factor or at other hours
REFUSED_TODAY = the role { $role } gives { $permission } here, but not today
REFUSED_WITHOUT_MODULE = the group does not have the module of { $permission }
REFUSED_WITHOUT_GRANT = no grant gives { $permission }; these roles do: { $roles }

## Privacy

# A question to the audit log with half a subject.
SUBJECT_IN_PART = a subject has a kind and an id
# A legal hold keeps data from being deleted.
LEGAL_HOLD = a legal hold stands: it must be lifted first, see ListHolds
# The hold is over.
HOLD_LIFTED = the hold was lifted already
# No such kind of data.
RETENTION_KIND_UNKNOWN = "{ $kind }" is not a kind of data: ListRetention names them all
# Every kind of data has a shortest and a longest time.
RETENTION_OUT_OF_BOUNDS = this kind is kept for { $min } to { $max } months
# What the law wants kept is not erased.
RETENTION_RUNS = what the law wants kept about the person is kept until { $day }: ask again after that day
# The person was erased.
PERSON_ERASED = this person was erased: nothing can be written about them; who comes back is a new person
# Only who has left is erased.
STILL_EMPLOYED = only somebody who has left can be erased: end the employment first
# One erasure for a person.
ERASURE_ALREADY_EXISTS = erasure { $id } is there for this person
# One does not approve the own erasure.
OWN_ERASURE = nobody approves the own erasure: somebody else must
# The erasure was approved, and cannot be called back.
ERASED_ALREADY = the erasure was approved already
# The request was withdrawn or rejected.
ERASURE_DROPPED = the request was withdrawn or rejected: ask for the erasure anew
# A service reports on an erasure that nobody approved.
ERASURE_NOT_APPROVED = nobody has approved it yet
# Only services report on erasures.
NOT_A_SERVICE = only a service that holds something of people reports on an erasure

## How long data are kept, counted from when and why

KEPT_FROM_ALIASES = the last day of the alias or device
KEPT_BECAUSE_ALIASES = which records a person is credited with must be provable while pay can be disputed
KEPT_FROM_DUTY = the time of the punch or the hand-over, the end of the shift
KEPT_BECAUSE_DUTY = wage records and what they rest on: two years (Interim Provisions on Payment of Wages)
KEPT_FROM_PAY = the day the statement was written
KEPT_BECAUSE_PAY = papers for withholding income tax: five years; wage records: two years
KEPT_FROM_PERSON = the end of the last employment
KEPT_BECAUSE_PERSON = ended employment contracts: two years (Labour Contract Law)
KEPT_FROM_SESSIONS = the day the session was over at the latest
KEPT_BECAUSE_SESSIONS = logs of who used the network: six months (Cybersecurity Law)
KEPT_FROM_RECORDS = the start of the record
KEPT_BECAUSE_RECORDS = the records that pay rests on, while it can be disputed
KEPT_FROM_RESULTS = the day the result was written; of a credit, the start of its record
KEPT_BECAUSE_RESULTS = scores that pay rests on: as long as papers for withholding income tax
KEPT_FROM_REQUESTS = the request
KEPT_BECAUSE_REQUESTS = a request that is sent again gets its first answer; nothing asks for more
KEPT_FROM_EVIDENCE = the day the evidence was written
KEPT_BECAUSE_EVIDENCE = what a profile sums up; no law asks for it

## The suite

# More calls at once than this service takes.
OVERLOADED = too many calls at once: try again in a moment
# More calls of one caller than allowed.
RATE_LIMITED = too many calls: try again in a moment
# Time ran out, here or in a peer.
DEADLINE_EXCEEDED = the call took longer than the caller allowed
# Somebody changed it since it was read.
STALE = somebody changed this since you read it: read it again, then repeat your change
# The database stayed busy through all retries.
STORE_BUSY = somebody else changed this at the same moment; try again
# The database cannot be reached.
STORE_UNAVAILABLE = the store cannot be reached right now; try again shortly
# The database says that its data are damaged.
STORE_DAMAGED = the database of a service is damaged, and repeating this does not help: its operator stops the service, looks how much is damaged (SQLite: PRAGMA integrity_check; PostgreSQL: pg_amcheck) and puts the database back from a backup
    .server = the data of { $service } in the database { $database } at { $at } are damaged: stop the service, look how much is damaged (pg_amcheck), and put the database back from your backup; nothing was changed in it
# The database takes no writes: its disk, its file or the server is read-only.
STORE_READ_ONLY = the database of a service can only be read just now, and nothing was changed: its operator gives it back the right to write (SQLite: the file and its folder; PostgreSQL: the server that takes writes, not its standby); then do the same again
    .server = PostgreSQL of { $service } at { $at } takes no writes: it is a standby, or default_transaction_read_only is on. Name the server that takes writes in { $setting }
# A service that the call needs cannot be reached.
PEER_UNAVAILABLE = a service that this call needs is away: try again in a moment
# A peer does not know the service that asks it; nothing is wrong with the caller's token.
PEER_REFUSES_SERVICE = a service that this call needs does not know this one yet: try again in a moment
# An address of a service that cannot be read.
PEER_ADDRESS_INVALID = { $address } is no address of a service: write http://host:port or https://host:port
# The server's certificate is not signed by whom the client trusts.
PEER_CERTIFICATE_UNKNOWN = the server's certificate is signed by an authority that is not trusted here: name the file of that authority (--ca, or client.authority in the settings), or look whether this is the right server
# The server's certificate names another host.
PEER_CERTIFICATE_FOR_ANOTHER = the server's certificate is for another name: call it by a name that stands in its certificate
# The server's certificate is over, or not valid yet.
PEER_CERTIFICATE_OUT_OF_DATE = the server's certificate is not valid now: its operator renews it, unless the clock of this machine is wrong
# The server wants a certificate of its callers and was shown none.
PEER_WANTS_CERTIFICATE = the server wants a certificate of its callers: name yours (--client-cert and --client-key, or client.certificate and client.key in the settings)
# The server was shown a certificate that it does not take.
PEER_REFUSES_CERTIFICATE = the server does not take the certificate that it was shown: ask its operator which authority signs those of callers
    .expired = the certificate that was shown to the server is out of date: get a new one from whoever signed it and name it (--client-cert and --client-key, or client.certificate and client.key in the settings)
    .revoked = the certificate that was shown to the server was revoked: get a new one from whoever signed it and name it (--client-cert and --client-key, or client.certificate and client.key in the settings)
# The address begins with https, and whoever listens there knows no TLS.
PEER_SPEAKS_PLAINTEXT = the address begins with https://, and the server there speaks no TLS: write http://, or ask its operator for the right port
# The address begins with http, and whoever listens there wants TLS.
PEER_SPEAKS_TLS = the address begins with http://, and the server there speaks TLS: write https://
# Something else about TLS.
PEER_TLS_FAILED = the encrypted connection could not be made: { $why }
# A certificate and a private key of which neither was made for the other.
CERTIFICATE_KEY_MISMATCH = the certificate and the private key do not belong together: name the key that this certificate was made for (--client-key or client.key of a caller, server.tls_key of a server)
# A certificate, a key or an authority that cannot be read, or no authority at all.
PEER_CERTIFICATES_UNUSABLE = the certificates for this server cannot be used: { $why }. Name the file of the authority that signed the server's certificate (--ca, or client.authority)
# A peer refused without a reason of ours.
PEER_FAILED = a service that this call needs refused it
# `grpc-timeout` cannot be read.
DEADLINE_MALFORMED = grpc-timeout is at most 8 digits and one of the units H M S m u n
# The connection was lost in the middle of a request.
REQUEST_CUT_OFF = the request ended early
# The request is no message of this rpc: another contract, or damaged on its way.
REQUEST_UNREADABLE = the request cannot be read as the message of this rpc: look whether caller and server have the same contract (proto/), and whether its texts are UTF-8
    .envelope = the request is no stream of messages as Connect puts them into envelopes: a byte of flags (0, or 1 where the message is compressed), four bytes of length, the message
    .compressed = the request cannot be unpacked: it is not compressed as it says ({ $said })
# A call that takes one message was sent none, or several.
ONE_MESSAGE_WANTED = this call takes exactly one message, and the request holds { $sent }
# The request is larger than any message may be.
REQUEST_TOO_LARGE = the request is larger than { $max } bytes: send fewer rows at once
# The answer would be larger than any message may be.
ANSWER_TOO_LARGE = the answer is larger than { $max } bytes: ask for fewer rows at once (page_size), or for a narrower choice
# The request is compressed, and nothing here reads that.
REQUEST_COMPRESSED = the request is compressed: send it as it is (grpc-encoding identity)
    .unknown = nothing here reads the compression { $said }: send the request with gzip, or as it is
# A text with the character NUL.
TEXT_WITH_NUL = leave out the character NUL (U+0000): no text may hold it
# No rpc of this name.
METHOD_UNKNOWN = there is no such method here: look at the name, and whether caller and server are of the same release
# The service is one of the suite, and another process runs it.
SERVICE_ELSEWHERE = the process at this address does not run the service { $service }: ask the one that does; a service and a command of tally find it by peers.{ $service } in the settings
# Over HTTP: what a status of the answer means, in a few words.
PROBLEM_TITLE =
    { $status ->
        [400] Bad request
        [401] Not signed in
        [403] Not allowed
        [404] Not found
        [405] Method not allowed
        [409] Conflict
        [412] Changed meanwhile
        [413] Too large
        [415] Unsupported media type
        [429] Too many requests
        [431] Headers too large
        [499] Cancelled
        [501] Not offered here
        [503] Unavailable
        [504] Out of time
       *[other] Internal error
    }
# Over HTTP: nothing has this path.
PATH_UNKNOWN = nothing here has the path { $path }: the paths are in /openapi.json
# Over HTTP: the path is there, for other methods.
HTTP_METHOD_WRONG = { $method } is not offered for this path: { $allowed } is
# Over HTTP: the body says that it is something else than JSON, or than the call takes.
MEDIA_TYPE_WRONG = the body must be JSON (Content-Type: application/json), and { $said } was sent
    .rpc = this call takes { $taken } (Content-Type), and { $said } was sent
# Over HTTP: the body is larger than any message may be.
BODY_TOO_LARGE = the body is larger than { $limit } bytes: send fewer rows at once
# Over HTTP: the body ended early.
BODY_BROKE_OFF = the body of the request ended early
# Over HTTP: the body came too slowly.
BODY_TOO_SLOW = the body of the request took too long: send it faster, or in smaller parts
# Over HTTP: a body where none is read.
BODY_NOT_READ = this call reads no body: what it takes stands in the path and behind the ?
# Over HTTP: a list or a text in place of an object.
BODY_NO_OBJECT = the body must be a JSON object
# Over HTTP: all headers of a request together, or their number.
HEADERS_TOO_LARGE = the headers of the request are larger than { $limit } bytes, or more than { $most }: send fewer, or shorter ones
# Over HTTP: no JSON, or deeper than anything here is.
BODY_NO_JSON = the body is no JSON from line { $line }, column { $column } on
    .early = the body ends in the middle of its JSON
    .deep = the body has more than 127 levels of lists and objects
    .twice = an object of the body has the name { $name } twice
# Over HTTP: a value that does not fit its field.
FIELD_UNREADABLE = cannot be read: write { $expected }
    .unknown = there is no such field
    .twice = is said twice, as { $one } and as { $other }: leave one of them out
    .choice = say one of { $fields }, not several
    .encoding = the percent-encoding is no text in UTF-8
    .precision = an instant has at most nine digits of a second
    .second = seconds are told from 00 to 59
    .digits = has too many digits for a number with a fraction or an exponent: write it as a text
# Over HTTP: what a field may hold.
VALUE_EXPECTED = a value of its kind
    .yes_or_no = true or false
    .whole = a whole number from { $least } to { $most }
    .number = a number
    .text = a text, in quotes
    .bytes = a text in base64
    .instant = an instant of the years 1 to 9999, such as 2026-03-02T09:00:00Z
    .duration = seconds, such as 600s
    .name = one of { $names }
    .object = an object
    .list = a list
# Over HTTP: the same field in two places, with different values.
FIELD_SAID_TWICE = is said twice, differently: leave it out of the body or of the query
# Over HTTP: what stands behind the ? of a call by Connect.
CONNECT_QUERY_WRONG = must be v1
    .missing = is missing
    .base64 = is no base64 as addresses have it
# Over HTTP: a name behind the ? that the call does not take.
QUERY_UNKNOWN = is no parameter of this call: the parameters are in /openapi.json; what is personal goes into a body
# Over HTTP: a header that stands for a field which the call does not have.
HEADER_NOT_READ = this call cannot read the header { $header }: leave it out
    .several = the header { $header } may hold one entity tag, in quotes, or *
# Over HTTP: `fields` names a field that the answer does not have.
ANSWER_HAS_NO_FIELD = the answer has no field { $field }
# Over HTTP: the page that describes every call.
DOCS_PAGE = The calls of Tally
    .lead = Every call of the suite over HTTP with JSON, made of the table that the router is made of. What each does stands here as the contracts say it, in English.
    .how = How things are written
    .machine = the same for programs, OpenAPI 3.1
    .count = { $count ->
        [one] { $count } call
       *[other] { $count } calls
    }
    .permission = Asks for the permission
    .session = Asks for a session, and for no permission.
    .nobody = Nobody need have signed in.
    .parameters = Parameters
    .body = Body
    .lines = Body: one such object a line
    .answer = Answer
    .stream = Answer: one such object a line, or an event each
    .refusals = Refusals
    .example = Example
    .required = required
    .filled = filled in by the server
    .values = One of
    .shapes = Objects
    .in_path = in the path
    .in_query = behind the ?
    .in_header = a header
# A `request_id` that is too long.
REQUEST_ID_INVALID = a request_id has at most { $max } characters; a UUID is best
# This request_id belongs to a request with another body.
REQUEST_ID_REUSED = this request_id belongs to an earlier request with another content: take a new one
# Another worker took the work over; what this one did is not kept.
LEASE_LOST = another worker has taken this work over; nothing of this attempt was kept

## For whoever operates the suite

# The address is in use, or not this machine's.
PORT_TAKEN = cannot listen on { $address }: { $cause }; choose another with --listen or TALLY_SERVER_LISTEN
# The gateway's address is in use, or not this machine's.
HTTP_PORT_TAKEN = the gateway cannot listen on { $address }: { $cause }; choose another with --http or TALLY_SERVER_HTTP, or leave gateway out of --services
# The setting of the database.
DATABASE_URL_INVALID = the database URL must begin with sqlite:// or postgres://
    .server = { $setting } cannot be read: postgres://ROLE:PASSWORD@HOST:PORT/DATABASE is expected, where the signs / ? # @ % of a password are written %2F %3F %23 %40 %25
    .file = { $setting } cannot be read: sqlite://FOLDER/{"{"}service{"}"}.db is expected, or sqlite:///FOLDER/{"{"}service{"}"}.db for a folder that begins with / or whose name is not plain letters and digits
# PostgreSQL does not answer where the URL says.
STORE_AWAY = the PostgreSQL of { $service } cannot be reached at { $at }: { $why }. See that it runs there, or correct host and port in { $setting }
# PostgreSQL lets the role of the URL not in.
STORE_SIGN_IN_REFUSED = PostgreSQL at { $at } refuses the sign-in of { $user }: there is no such role, or it has another password. Put the right password into { $setting }, or run `tally migrate` with the owner's URL, which makes the role and gives it that password
    .owner = PostgreSQL at { $at } refuses the sign-in of { $user }: there is no such role, or it has another password. Correct role and password in { $setting }
    .rule = PostgreSQL at { $at } lets { $user } not into { $database } from this machine in this way: no rule of its pg_hba.conf does. Where it wants TLS, write sslmode=require into { $setting }; else its operator adds a rule
# The URL names a database that the server does not have.
STORE_DATABASE_MISSING = there is no database { $database } at { $at }: correct its name in { $setting }, or let the server's owner make it (CREATE DATABASE { $database })
# PostgreSQL or a pooler before it does not take a parameter of the URL.
STORE_PARAMETER_REFUSED = PostgreSQL at { $at } does not take the parameters of the connection; it says: { $says }. Correct what stands behind ? in { $setting }; where that is PgBouncer, its operator can let it pass (ignore_startup_parameters in pgbouncer.ini)
# TLS with PostgreSQL.
STORE_TLS_FAILED = no encrypted connection to PostgreSQL at { $at } could be made ({ $why }): correct sslmode and sslrootcert in { $setting }, or let the server's operator mend its certificate
    .none = { $setting } asks for TLS (sslmode), and PostgreSQL at { $at } speaks none: let its operator switch it on (ssl = on), or take sslmode out where nobody else is on the network
# The role may not read or make what the service needs.
STORE_RIGHT_MISSING = { $user } lacks rights that { $service } needs in the database { $database } at { $at }: run `tally migrate` with the owner's URL, which gives them
    .owner = { $user } may not make schemas, roles and tables in the database { $database } at { $at }: name a role in { $setting } that owns the database and may make roles (CREATEROLE), or a superuser
# The service signs in as another one's role, which sees nothing of its data.
DATABASE_ROLE_OF_ANOTHER = { $service } signs in as { $user }, and its data are for the role { $login } alone: write tally_{"{"}service{"}"} as the role into { $setting } (postgres://tally_{"{"}service{"}"}:PASSWORD@HOST/DATABASE)
# A database that was to be empty.
DATABASE_IN_USE = the database { $database } holds data of tally already (schema { $schema }), and an empty one is needed: make one (CREATE DATABASE) and name it with { $setting }; nothing was changed
# A file that SQLite cannot read as a database.
STORE_FILE_DAMAGED = the file { $file } is damaged or no SQLite database: put it back from your backup, or name another place with { $setting }; nothing was changed in it. How much of it is damaged says sqlite3 with PRAGMA integrity_check
# A file of data that cannot be opened, or not for writing.
STORE_FILE_UNUSABLE = the file { $file } cannot be opened for reading and writing: { $why }. Give the user of this process the right to it and its folder, or name another place with { $setting }
    .read_only = the file { $file } can only be read, and a store is written to: give the user of this process the right to write it and its folder, or take mode=ro out of { $setting } where it stands there
# No room for what was to be written.
STORE_DISK_FULL = the disk of { $at } is full: make room on it, then do the same again
    .serving = the disk of a service's database is full, and nothing was changed: its operator makes room on it; then do the same again
# The disk gives errors.
STORE_DISK_FAILS = the disk of { $at } gives errors: the log of that machine says which; mend or replace it, then look whether the data are whole before you go on
    .serving = the disk of a service's database gives errors, and nothing was changed: its operator looks into the log of that machine; then do the same again
# The service signs in to the database as somebody whom row-level security does not bind.
DATABASE_ROLE_TOO_POWERFUL = the database URL of { $service } signs in as { $user }, { $power }: row-level security would not hold. Put the role { $login } into the URL (postgres://tally_{"{"}service{"}"}@host/database); `tally migrate` with the owner's URL makes it
POWER_SUPERUSER = a superuser
POWER_BYPASSRLS = a role with BYPASSRLS
POWER_OWNER = the owner of the tables
# The program is newer than the schema.
SCHEMA_BEHIND = the schema of { $service } is { $count ->
    [one] { $count } migration
   *[other] { $count } migrations
} behind (the next is { $next }): run `tally migrate` with the owner's URL
# The schema is newer than the program.
SCHEMA_AHEAD = the store of { $service } was brought up to date by a newer version of tally (this one does not know { $migration }): start that version or a newer one, or put back the backup of before the update
# A SQLite store holds one group.
TENANT_NOT_HERE = this store is a SQLite file and holds one group, another one; several groups need PostgreSQL (TALLY_DATABASE_URL=postgres://...), which keeps them apart by row-level security
# A SQLite file holds one service.
STORE_OF_ANOTHER_SERVICE = the SQLite file of { $service } is that of { $owner }: put {"{"}service{"}"} into the URL (sqlite://dir/{"{"}service{"}"}.db)
# A service's name becomes a name in SQL.
SERVICE_NAME_INVALID = "{ $service }" cannot name a service: at most 32 of a-z and _
# The file of signed heads is there and cannot be read.
HEADS_UNREADABLE = the file of signed heads { $file } cannot be read: { $cause }
# The file of signed heads cannot be made or appended to.
HEADS_UNWRITABLE = the signed heads of the log cannot be written to { $file }: { $cause }. Name a folder with audit.heads_directory that the user of this process may write
# A file of keys that cannot be used.
KEYS_UNUSABLE = the key file { $file } cannot be used: { $cause }. Put it back from your backup, or point keys.directory at the right folder; what is sealed opens with no other keys
    .missing = there is no key file { $file }: point keys.directory at the right folder, or put it back from your backup; what is sealed opens with no other keys
    .closed = the key file { $file } cannot be used: { $cause }. The user of this process must be able to read it as its owner (mode 0400), or by its group (0440, on Kubernetes with fsGroup)
    .unwritable = the key file { $file } cannot be written: { $cause }. Let the user of this process write its folder, or name another with keys.directory
    .signing = the key { $file } cannot be used: { $cause }. Put it back from your backup, or point keys.directory at the right folder. Without a backup move it away: the next start makes a new one, whoever is signed in signs in again, and other stacks that trust the old key need the new .pub
    .closed_signing = the key { $file } cannot be used: { $cause }. The user of this process must be able to read it as its owner (mode 0400), or by its group (0440, on Kubernetes with fsGroup)
    .public = the public key { $file } cannot be used: { $cause }. Copy it again from the service whose key it is; one that lies beside its .key may be deleted, its service writes it again when it starts
    .folder = the folder of keys { $file } cannot be used: { $cause }. Let the user of this process read and write it, or name another with keys.directory
    .unwritable_signing = the key { $file } cannot be written: { $cause }. Let the user of this process write its folder, or name another with keys.directory
    .foreign = the public key { $file } does not belong to the key { $private } beside it: one of the two was replaced. Put both back from your backup; if the private key is the right one, delete the public one, which its service writes again when it starts
# A file of a secret that others than its owner can use.
SECRET_OPEN = everybody on this machine can use it; type chmod 600 with its name
    .group = its group { $gid } can use it, and this process is not in that group; type chmod 600 with its name, or run the process with the group { $gid } (on Kubernetes: fsGroup: { $gid })
    .writable = its group can change it; type chmod g-w with its name
KEY_FILE_MALFORMED = its first line must begin with "{ $header }"
    .lock = its first line does not say how it is protected
    .line = a line must be: kind, id, key
    .id = "{ $id }" is not a key's id
    .base64 = key { $kind } { $id } is not base64
    .length = key { $kind } { $id } must have 32 bytes
    .damaged = key { $kind } { $id } is damaged
    .kind = "{ $kind }" is not a kind of key
    .twice = key { $kind } { $id } is there twice
    .few = it needs at least one wrap, one bind and one sign key
# A line of a signing key that is none.
KEY_LINE_MALFORMED = a line must hold 32 bytes in base64, and from when or until when they are good
    .none = it holds no key
# What is in the store was written with other keys than those of this process.
KEYS_OF_ANOTHER_STORE = the keys of this process are not those that the data of { $service } was written with: point keys.directory at the right folder, or put seal.key back from your backup; nothing was changed, and no new key was made. With the right keys in place `tally audit verify` says whether somebody altered the log
# A store without an entry, beside a file that says there were some.
STORE_LOST = the store of { $service } is empty, yet { $file } says that it held data: put the database back from your backup (with SQLite its file), or look whether { $setting } points at another one; nothing was changed. Only if everything is to begin anew, move { $file } away first
# The key file is protected, and no passphrase was given.
KEYS_PASSPHRASE_MISSING = the key file { $file } is protected: set TALLY_KEYS_PASSPHRASE, or TALLY_KEYS_PASSPHRASE_FILE to a file that holds the passphrase
# The passphrase opens no key.
KEYS_PASSPHRASE_WRONG = no key of { $file } opens with this passphrase: check TALLY_KEYS_PASSPHRASE (or the file that TALLY_KEYS_PASSPHRASE_FILE names); if it is right, the file is damaged: restore it from your backup
# Keys of a test or a demonstration have no file.
KEYS_NOT_IN_A_FILE = these keys live in this process only: there is no file to change
# A new signing key waits for its turn.
KEY_ROTATES_ALREADY = { $service } has a new key that signs from { $from }: wait until then

## The command line

# Nobody listens at the address.
SERVER_AWAY = nobody answers at { $server }: is the suite running there? --server says where it listens
# A file of certificates that is not there.
CLIENT_FILE_UNREADABLE = cannot read { $file }: { $why }
# A file that is there and holds something else.
CLIENT_FILE_WRONG = { $file } holds no { $block } in PEM
SIGNED_IN_AS = as { $login } at { $server }, signed in with `tally login`
LOGIN_GOOD = signed in until { $until }. Commands that follow need neither the token nor the server again; other programs send it as `authorization: Bearer ..`
LOGIN_NOT_REMEMBERED = the sign-in cannot be remembered in { $file } ({ $why }): give the token to other commands with --token-file
# What `tally login` remembers is over.
SIGN_IN_OVER = the sign-in of { $login } is over: run `tally login { $login }` again
# No token was given.
SIGN_IN_FIRST = no token: run `tally login NAME` first, name a file that holds a token (--token-file), or pipe one in

# The folder of the data cannot be made: its parent is not there or not writable.
FOLDER_UNWRITABLE = cannot make the folder { $path }: { $cause }. Make it for the user of this process, or name another one in { $setting }

## Bringing a bundle into a running suite

# A row names somebody whom the suite does not have.
PERSON_NOT_IN_SUITE = the suite has nobody with the employee number { $number } whom you may see: put right why that row of people.csv was refused, then run the import again
# A row names an account that the suite does not have.
ACCOUNT_NOT_IN_SUITE = the suite has no account { $label } that you may see: put right why that row of accounts.csv was refused, then run the import again
# A row belongs to a unit that was refused.
ROWS_OF_UNIT_REFUSED = its unit { $unit } was refused
# A row speaks of a number whose row in people.csv was refused.
ROWS_OF_NUMBER_REFUSED = the number { $number } was refused in people.csv: this row may mean somebody else than the suite
# A row speaks of an account whose row in accounts.csv was refused.
ROWS_OF_ACCOUNT_REFUSED = the account { $label } was refused in accounts.csv: this row may mean another one than the suite
# Messages are of a record whose row in records.csv was refused.
ROWS_OF_RECORD_REFUSED = the record { $record } was refused in records.csv: its messages may be of another one than the suite has
# A record may name its agent by a nickname that was refused in aliases.csv.
NICKNAME_REFUSED = the alias { $alias } was refused in aliases.csv, and this record of { $number } may name its agent by it
# The connection broke or a call failed between two chunks.
IMPORT_STOPPED = of this run { $rows ->
    [one] { $rows } row is
   *[other] { $rows } rows are
} in place, and all that earlier runs brought: run the same command again, what is in counts as there already
    .mend = of this run { $rows ->
        [one] { $rows } row is
       *[other] { $rows } rows are
    } in place, and all that earlier runs brought: mend what is said here and run the same command again, what is in counts as there already
IMPORT_SERVICE_AWAY = the service { $service } could not be reached; nothing is lost: of this run { $rows ->
    [one] { $rows } row is
   *[other] { $rows } rows are
} in place, and all that earlier runs brought. Run the same command again once it is back, what is in counts as there already
# Code VALUES_LOST.
IMPORT_DAMAGED = values were lost on the way into it, and the suite overwrites nothing, so it would keep what is left of them for good: { $columns }
IMPORT_DAMAGED_COLUMN = in { $count ->
    [one] { $count } row
   *[other] { $count } rows
} a spreadsheet shortened { $column } to its first digits (such as { $example })
    .failed = in { $count ->
        [one] { $count } row
       *[other] { $count } rows
    } { $column } holds what a spreadsheet shows in place of a value (such as { $example })
IMPORT_DAMAGED_CURE = nothing was written: export the column as text, without formulas that fail, and import again, or type the same command with --accept-damaged to write the rows as they are
IMPORT_HEADING = What the import brought, { $from } to { $to }
IMPORT_READ = read
IMPORT_REJECTED = rejected
IMPORT_LEFT_OUT = joined or left out
IMPORT_WRITTEN = written
IMPORT_REVISED = new version
IMPORT_UNCHANGED = there already
IMPORT_REFUSED = refused
IMPORT_CENSUS = What the suite holds, as you may see it
IMPORT_BEFORE = before
IMPORT_AFTER = after
IMPORT_UNITS = org units
IMPORT_PEOPLE = people
IMPORT_ACCOUNTS = accounts
IMPORT_ALIASES = aliases
IMPORT_DEVICES = devices
IMPORT_SHIFTS = shifts of the period
IMPORT_SHIFT_HOURS = their hours
IMPORT_PUNCHES = punches of the period
IMPORT_HANDOVERS = hand-overs of the period
IMPORT_RECORDS = records of these accounts in the period
IMPORT_RECORD_HOURS = their hours
IMPORT_AMOUNT = their sales, minor units
IMPORT_CLAIMS = claims on these accounts in the period
IMPORT_REJECTED_ROWS = { $rows ->
    [one] { $rows } row could not be read; { $file } names it with its cure.
   *[other] { $rows } rows could not be read; { $file } names each with its cure.
}
IMPORT_REVISED_ROWS = { $rows ->
    [one] { $rows } row is there in a new version; the earlier one stays readable
   *[other] { $rows } rows are there in a new version; the earlier ones stay readable
}
IMPORT_REFUSED_ROWS = { $rows ->
    [one] { $rows } row was not taken by the suite; { $file } names it with its reason.
   *[other] { $rows } rows were not taken by the suite; { $file } names each with its reason.
}
IMPORT_NEEDS = an import is for an account that may read and write units, people, duty and records, such as one with the role group_hr
## Fields of requests

# A row of an import that cannot be read.
ROW_INVALID = { $problems }
INSTANT_IMPLAUSIBLE = an instant of the years { $first } to { $last } is expected: check the year
VALUE_MISSING = must be given
AT_MOST = at most { $max }
NUMBER_FROM_TO = { $from } to { $to }
BEFORE_FROM = lies before from
THROUGH_OR_NAMED = asks for all units: leave unit_ids empty, or leave this out
THROUGH_BEFORE = is the last of several days: name the first in as_of, and none after it
NOT_AFTER_START = must lie after start
# Not a time at which a working day may end.
CUT_OVER_MALFORMED = write HH:MM between 00:00 and 11:59

## Attendance

# The person has never been employed.
NEVER_EMPLOYED = you have no employment yet, so nobody can say where this belongs: ask your HR
# A punch of the same person at the same instant.
PUNCH_REPEATED = a punch of yours was recorded at this very instant already
# The fact counts no more: another correction put it right.
FACT_SUPERSEDED = correction { $id } put this right already, and it counts no more: correct what counts now
# A correction of the same fact waits for approval.
CORRECTION_WAITS = correction { $id } of the same fact waits for an approval: approve, reject or withdraw it first
# The correction was approved, made, rejected or withdrawn.
CORRECTION_NOT_WAITING = { $stage ->
    [approved] the correction was approved already
    [rejected] the correction was rejected: ask anew
    [withdrawn] the correction was withdrawn: ask anew
   *[other] the correction counts already
}
# The fact was put right otherwise since this was asked for.
CORRECTION_OUTDATED = correction { $id } put the fact right since this was asked for: reject it, and ask anew for what counts now
    .gone = the fact is not kept any more since this was asked for: reject it
# Nobody decides about a correction of the own facts.
OWN_CORRECTION = nobody decides about a correction of the own facts: somebody else must
# Only who asked for a correction withdraws it.
CORRECTION_OF_OTHERS = only who asked for a correction withdraws it: reject it instead
# Facts of that time are kept no more.
PERIOD_PURGED = what was before { $day } is kept no more and cannot be put right
    .cycle = a period that begins before { $day } is made of { $kind } of which retention may have removed something, so the cycle cannot be worked out anew: settle what is wrong outside of Tally
    .close = a period that begins before { $day } is made of { $kind } of which retention may have removed something, and what is missing would be missing without a word: choose a period that begins on { $day } or later, or have { $kind } kept longer first (SetRetention) and bring in what is missing
    .row = what was before { $day } is kept no more, and this row is not there: leave it out, or have { $kind } kept longer first (SetRetention)
    .named = { $name } is not there, and what was before { $day } is kept no more: leave it out, or have { $kind } kept longer first (SetRetention)
# The new fact contradicts what counts.
ALREADY_DIFFERENT = { $why }: correct that first
# A punch or a hand-over that was yet to come when somebody asked to put it right.
FACT_IN_FUTURE = { $at } has not come yet, it is { $now }: a punch or a hand-over is put right once it has happened; to plan ahead, publish a shift
# A shift that has begun is changed without a reason.
LATE_CHANGE_UNEXPLAINED = the shift has begun: say why it is changed now
CORRECTION_ACTION_EXPECTED = add, void or move
ALIAS_DAY_OUTSIDE = must be one of the days on which the alias means this person
DEVICE_DAY_OUTSIDE = must be one of the days on which the device is of this person or seat
DEVICE_OWNER_EXPECTED = a device is of a person (person_id) or of a seat: give one of both
# The same hand-over at the same instant.
HANDOVER_REPEATED = this hand-over was recorded at this very instant already
# A row about a person whom the group does not know.
PERSON_UNKNOWN = no person { $id }: bring in people before what they did
# A row about an account that was never brought in.
ACCOUNT_UNKNOWN = no account { $id }: bring in accounts first
    .file = { $account } is not in accounts.csv{ $hint }
# Code PLACE_WRONG.
PLACE_REGION_UNKNOWN = no unit of the group is in the region { $region }
# Code PLACE_WRONG.
PLACE_UNIT_UNKNOWN = the group has no unit { $unit } today
# Code PLACE_WRONG.
PLACE_TEAM_NOT_UNIT = the team { $team } is not the unit { $unit }: leave one of them out
# Code PLACE_WRONG.
PLACE_REGION_OF_UNIT = the unit is in the region { $is }, not in { $said }: leave the region out
# Code ALREADY_DIFFERENT.
ACCOUNT_CONTRADICTS_ROW = { $key } contradicts an earlier row of this call in { $fields }: what was said of an account stays
# Code ALREADY_DIFFERENT.
ACCOUNT_CONTRADICTS_STORED = { $key } contradicts what is there in { $fields }: what was said of an account stays, only phases of later dates are added
    .team = { $key } contradicts what is there in { $fields }: the account is of the unit { $unit }, and { $team } is another unit today. Write the path that its own unit has today, or unit_id alone
    .closed = { $key } contradicts what is there in { $fields }: the account is of the unit { $unit }, which was closed and has no path today, and { $team } is another unit. Write unit_id alone, without the team
# An account of a unit that the caller may not write to: such as one whose team moved to another branch.
ACCOUNT_OUT_OF_REACH = { $key } is beyond what you may send: leave it out, or have somebody send it who may
FACT_OUT_OF_REACH = on that day the person is beyond what you may send: whoever had the team then sends this, or somebody of the group
# Code ALREADY_DIFFERENT.
ALIAS_DIFFERENT = this alias is there from the same date with another person (employee_no) and another end (to)
    .person = this alias is there from the same date with another person (employee_no)
    .end = this alias is there from the same date with another end (to)
# Code ALREADY_DIFFERENT.
DEVICE_DIFFERENT = this device is there from the same date, of the same person or seat, with another end (to)
# Code ALREADY_DIFFERENT.
SHIFT_CANCELLED = this person's shift on this account from { $start } was cancelled, and a roster does not bring it back: to plan it again, change the shift { $shift } (ChangeShift)
# Code ALREADY_DIFFERENT.
SHIFT_DIFFERENT = this person's shift on this account from { $start } is there with another end
    .seat = this person's shift on this account from { $start } is there with another seat, or with none where this row names one
# Code ALREADY_DIFFERENT.
PUNCH_DIFFERENT = at { $at } a punch of this person is known that goes the other way (kind)
# Code ALREADY_DIFFERENT.
HANDOVER_DIFFERENT = at { $at } another person is known to have done so (employee_no), and only one at a time holds this account
    .kind = at { $at } this person is known to have done the opposite (kind)
# Code ALREADY_DIFFERENT.
SITE_DIFFERENT = the site { $name } is there with another zone, cut-over or region
# A nickname that already means somebody on some of the dates.
ALIAS_OVERLAP = this alias already means somebody on some of these dates: end one before the other begins
SLASH_NOT_ALLOWED = must not hold a slash: platform, store and name are joined by it
PHASES_MISSING = at least one: how the account is used
DIRECTION_EXPECTED = say which way is better: higher or lower
NORMALISATION_EXPECTED = say how a value becomes points: target_piecewise, min_max, percentile or t_score
PHASE_KIND_EXPECTED = shared, mixed or named
PHASE_TWICE = two phases begin on this date
HANDOVER_KIND_EXPECTED = take or release
PUNCH_KIND_EXPECTED = in or out
SHIFT_TOO_LONG = a shift is shorter than { $hours } hours
PERIOD_TOO_LONG = at most { $days } days
DUTY_VERSION_EXPECTED = 1, 2 or 3 is expected, or 0 for the newest

# What somebody who punches is told.
PUNCH_OF_SHIFT = it belongs to your shift that begins at { $start }
PUNCH_CAME = you are in from now on
PUNCH_LEFT = it closes the stretch that began at { $since }
PUNCH_STILL_IN = you were still in since { $since }: that stretch ends here and a new one begins
PUNCH_NOT_IN = you have not punched in during the last { $hours } hours: ask for a correction if you forgot
PUNCH_NOT_PLANNED = no shift of yours is near this time
PUNCH_DRIFT = your device's clock differs from ours by { $seconds } s; ours counts

# Findings. Months that were closed hold the English sentences in their result folders: they stay as they are.

# Code DOUBLE_IN.
DUTY_DOUBLE_IN = { $number } punched in again at { $at } without punching out; the first stretch ends there
# Code MISSING_PUNCH.
DUTY_IN_WITHOUT_OUT = { $number } punched in at { $at } and not out within { $hours } h; the stretch counts for nothing
# Code MISSING_PUNCH.
DUTY_OUT_MAY_COME = { $number }'s punch at { $at } counts as an in, and the punches end at { $last } without an out; that makes no presence, and a shift of its working day counts only where a pair of punches covers it
# Code MISSING_PUNCH.
DUTY_LONE_IN = { $number }'s punch at { $at } counts as an in, and no out follows within { $hours } h; that makes no presence, and a shift of its working day counts only where a pair of punches covers it
# Code MISSING_PUNCH.
DUTY_LONE_OUT = { $number }'s punch at { $at } counts as an out, and no in came within { $hours } h before; that makes no presence, but a shift of its working day counts only where a pair of punches covers it, and a hold without release ends there
# Code UNCOVERED_SHIFT.
DUTY_SHIFT_UNCOVERED = { $number } was rostered on { $account } from { $start } to { $end } and punched on that working day, but no pair of punches covers any of it; the shift counts for nothing until the missing punches are added
# Code BARELY_COVERED_SHIFT. Somebody punched on the working day of a shift, and no more than the edge of the shift counts.
DUTY_SHIFT_BARELY_COVERED = { $number } was rostered on { $account } from { $start } to { $end } and punched on that working day, but { $why ->
    [other] the punches that reach into this shift belong to another one
   *[edge] no pair of punches covers any of its planned time
}; no more than { $minutes } min at its edge count until the missing punches are added
# Code HELD_BY_OTHERS. By the hand-over log only others held the account in a shift.
DUTY_SHIFT_HELD_BY_OTHERS = { $number } was rostered on { $account } from { $start } to { $end }, but by the hand-over log only others held the account in the time that would have counted; the shift counts for nothing, and if { $number } served then, the take and the release are to be added
# Code MISSING_PUNCH.
DUTY_OUT_WITHOUT_IN = { $number } punched out at { $at } without an in within { $hours } h before; it counts for nothing
# Code MISSING_PUNCH.
DUTY_OUT_AFTER_CLOSED_IN = { $number }'s punch at { $at } counts as an out, but the in before it was closed at { $out }; it makes no presence, and a hold without release ends there
# Code NOT_EMPLOYED.
DUTY_SHIFT_NOT_EMPLOYED = { $number } is rostered on { $account } from { $start } to { $end } and is not employed then: the shift counts for nothing; correct the roster, or the days of employment
# Code NOT_EMPLOYED.
DUTY_PUNCH_NOT_EMPLOYED = { $number } punched at { $at } and is not employed then: it counts for nothing; correct the punch, or the days of employment
# Code NOT_EMPLOYED.
DUTY_HOLD_NOT_EMPLOYED = { $number } took { $account } at { $at } and is not employed then: the hold counts for nothing; correct the hand-over, or the days of employment
# Code MISSING_PUNCH.
DUTY_IN_AND_OUT_AT_ONCE = { $number } punched in and out at { $at }, both at once; it counts for no presence
# Code UNHELD_ACCOUNT.
DUTY_NOBODY = there is evidence about { $account }, and still nobody was on duty in the period
# Code NO_DUTY_EVIDENCE.
DUTY_NO_EVIDENCE_V1 = no roster, punch or hand-over speaks for { $account } in the period: all its work is shared by its whole team ({ $scope ->
    [all] everybody
   *[team] { $team }
}, { $people } people); publish rosters or have people punch
# Code NO_DUTY_EVIDENCE.
DUTY_NO_EVIDENCE = no roster, punch or hand-over speaks for { $account } in the period: its whole team counts as on duty ({ $scope ->
    [all] everybody
   *[team] { $team }
}, people: { $people }); publish rosters or have people punch
# Code RELEASE_WITHOUT_TAKE.
DUTY_RELEASE_WITHOUT_TAKE = { $number } released { $account } at { $at } without holding it; it counts for nothing
# Code MISSING_RELEASE.
DUTY_NEVER_RELEASED = { $number } took { $account } at { $since } and never released it; the hold ends at { $end }, { $by ->
    [release] the release
    [punch_out] the next punch-out
    [roster] the end of the roster
    [too_long] the longest stretch allowed
   *[taken_again] the next take
}
# Code MISSING_RELEASE.
DUTY_NO_RELEASE_KNOWN = { $number } took { $account } at { $since } and no release is known after it; the hold ends at { $end }, { $by ->
    [release] the release
    [punch_out] the next punch-out
    [roster] the end of the roster
    [too_long] the longest stretch allowed
   *[taken_again] the next take
}
# Code MISSING_RELEASE.
DUTY_TAKEN_AGAIN = { $number } took { $account } at { $since } and took it again at { $again } without a release between; the hold ends at { $end }, { $by ->
    [release] the release
    [punch_out] the next punch-out
    [roster] the end of the roster
    [too_long] the longest stretch allowed
   *[taken_again] the next take
}
# Code OVERLAP.
DUTY_HELD_BY_TWO = { $first } and { $second } both held { $account } from { $from } to { $until }; { $why ->
    [exclusive] only one person may hold it at a time
   *[unreleased] the first had not released it
}

## What to do about findings

# In a word what a person does about a finding of this kind.
FINDING_ADVICE = { $kind ->
    [NO_DUTY_EVIDENCE] bring in a roster of the account, or have its people punch or hand over, and start the run again
    [UNHELD_ACCOUNT] add the shift of whoever served the account then, or the missing punches or take; move a record that is of another account (MoveRecord)
    [OVERLAP] add the release of whoever did not have the account any more when the other took it (CorrectHandover)
    [MISSING_RELEASE] add the release (CorrectHandover)
    [RELEASE_WITHOUT_TAKE] add the take that belongs to the release, or void the release (CorrectHandover)
    [DOUBLE_IN] add the out before the second in, or void one of the two (CorrectPunch)
    [MISSING_PUNCH] add the punch that is missing, or void the one that is alone (CorrectPunch)
    [UNCOVERED_SHIFT] add the punches of the shift (CorrectPunch), or cancel it if nobody came (CancelShift)
    [BARELY_COVERED_SHIFT] add the punches that are missing of the shift (CorrectPunch), or change its times (ChangeShift)
    [HELD_BY_OTHERS] add the take and the release of whoever served by the roster (CorrectHandover), or cancel the shift (CancelShift)
    [NOT_EMPLOYED] put right the roster, the punch or the hand-over, or the days of employment (ChangeEmployment)
    [TAG_OFF_DUTY] add the shift or the punches of whom the record names, move it to the account that it is of (MoveRecord), or send it again with the right name and a higher revision
    [NAMED_WITHOUT_AGENT] send the records again with the name of the agent and a higher revision
    [MIXED_WITHOUT_TAG] send the records again with the name of the agent and a higher revision, or leave it at the roster
    [TOO_FEW_TO_INFER] nothing needs doing; hand-overs or names in the records tell more precisely who served
    [DID_NOT_SETTLE] nothing needs doing; hand-overs tell more precisely who served
    [SEVERAL_AT_ONCE] send the times of the replies, or let people claim their dialogues; names in the records tell more precisely who served as well
    [TOO_FEW_REPLIES] nothing needs doing in a small month; names in the records, or claims, tell more precisely who served
    [REPLIES_TOO_DENSE] have a tenth of the records named, claimed with a click (MakeClaim) or written at known devices (ImportDevices), and breaks punched
    [EVIDENCE_UNEVEN] have everybody on the account click (MakeClaim), sign or write at known devices (ImportDevices) alike
    [CLOCK_WITHOUT_SECONDS] have the times of the replies exported with their seconds
    [CLAIM_OFF_DUTY] check who clicked, and the punches and roster of that day
    [CLAIM_WITHOUT_RECORD] check whether the record was sent, and the clock of the claims
    [CLAIMS_DIFFER] ask them who served, and let the record name its agent
    [DEVICE_OFF_DUTY] check whose the device is, and the punches and roster of that day
    [DEVICE_OF_SEVERAL] say from when to when the device is whose
    [DEVICE_OF_NOBODY] say whose the device is on those days, by the name that records give it (ImportDevices), or roster somebody on its seat
    [EVIDENCE_NOT_READ] name version 3 of the policy, which reads it, or none, for the newest; or leave it, as the month is then credited without it
    [REPLY_OUTSIDE_RECORD] check when the record begins and ends, and the clock of the replies
    [BREAKS_NOT_PUNCHED] have people punch out for a break and in again after it (RecordPunch), or hand the account over
    [CLOCKS_APART] set the clock of the desk right, and have its messages exported again where they are to be kept by the right time
    [UNKNOWN_AGENT] say whose the name is (ImportAliases), or send the records again with the right one
    [ACCOUNT_UNKNOWN] bring in the account (ImportAccounts), or move the records to the one that they are of (MoveRecord)
    [POPULATION_CHANGED] close the cycle again, unless it is to stay with the people of before (CloseCycle)
    [AMOUNTS_CONVERTED] nothing needs doing; where a rate is wrong, set the right one (SetRates) and start the run again
    [MEASURE_NOT_SENT] send what the sentence names, or leave the indicator out of the scheme
    [OBSERVATIONS_BEYOND_PERIOD] take the observation out (WithdrawObservation) and send it in parts, each of days of one period, or close a period that holds all of its days
    [OBSERVATIONS_UNREAD] send them again under the right name and take these out (WithdrawObservation), or have a scheme read the measure; nothing needs doing where they are kept for later
    [REFUND_EXCEEDS_SALE] send the refund again with the right amount and a higher revision, or take it out (WithdrawRecord); where it is right, send the sale again with what it brought
    [CONTRIBUTOR_UNKNOWN] say whose the name is (ImportAliases), or send the record again with the right contributors and a higher revision
    [CONTRIBUTOR_OFF_DUTY] nothing needs doing where somebody helped outside of the own hours; else add the shift or the punches, or send the record again with the right contributors and a higher revision
    [CONTRIBUTORS_NOT_SPLIT] name a policy with a split to have such records shared, or leave it: the contributors are kept
    [STANDARD_WITHDRAWN] write a new version of the scheme that follows a standard in use (ListRefinements says what fits), then make and close a cycle with it, or correct a published one by it (CorrectCycle); leave it where the month is still to be judged by the old one
   *[other] look at what it names, put that right where it is wrong, and start the run again
}
# The service that a fix went to did not take it.
FIX_REFUSED = the fix was not taken: { $why }
# A finding that nothing puts right by itself.
FINDING_WITHOUT_FIX = no call by itself puts right a finding of the kind { $kind }: its advice says what to do

## Performance

# The cycle is being closed.
CYCLE_CLOSING = the cycle is being closed right now: watch it, or cancel it first
# The cycle is final.
CYCLE_PUBLISHED = the cycle is published and never changes again: correct it with CorrectCycle if its result has to be another
# There is nothing to cancel.
CYCLE_NOT_CLOSING = the cycle is not being closed, so there is nothing to cancel
# The cycle has not been closed.
CYCLE_NOT_REVIEWABLE = the cycle has no result to publish: close it first
# There is no result to read.
CYCLE_WITHOUT_RESULT = the cycle has no result yet: close it, and watch it until it is reviewable
# No record of a known account in the period.
PERIOD_WITHOUT_RECORDS = no service record of any account began between { $from } and { $to }: import the records of these days, or make a cycle over other days
    .part = no service record of an account of its unit, or of one that its people served, began between { $from } and { $to }: import the records of these days; where they are there, let the accounts name their team in the unit, and correct the employments of whoever served them; where its teams went to another unit, that one closes their month
# Records, but nobody to credit them to.
NOBODY_CREDITED = { $records ->
    [one] the only record could be credited to nobody
   *[other] none of the { $records } records could be credited to anybody
}: bring in rosters, punches or hand-overs of the period, then close again
    .unemployed = { $records ->
        [one] the only record could be credited to nobody
       *[other] none of the { $records } records could be credited to anybody
    }, since nobody is employed between { $from } and { $to }: correct the employments or the period, then close again
    .elsewhere = nobody who is in has a part of a record: what the attribution run read is credited to people who are not in ({ $elsewhere } of { $records }). Look who is in and why (PreviewPopulation), correct the employments, or the account, agent or roster that the records rest on, then close again
CYCLE_REFUSED = { $message }
CYCLE_GIVEN_UP = closing was tried several times in vain ({ $reason }): close again, and if it fails again ask the operator
STEP_QUEUED = waiting for a worker
STEP_COLLECTING = collecting people, accounts and duty
STEP_ATTRIBUTING = crediting records to people
STEP_SCORING = making score cards
# The run is over.
RUN_RESTS = the attribution run is over already, so there is nothing to stop
# The run has no result.
RUN_NOT_DONE = the attribution run has no result: watch it until it is done, or start another one
# The run is of another month than the cycle, or of another policy.
RUN_DIFFERS = the attribution run is of other days or of another policy than the cycle: name a run of the same, or none, and one is started
# The run is about a part of the cycle.
RUN_COVERS_PART = the attribution run is about some accounts or units and not about all that the cycle is about: name a run about the cycle's unit or one above, or none, and one is started
    .moved = { $people ->
        [one] { $people } person who is
       *[other] { $people } people who are
    } in the cycle by { $day } (as_of) belong elsewhere by { $last }, with the accounts that they served: have a run started for { $unit } (StartAttributionRun, by somebody whose rights reach it) and name it (attribution_run_id), or take the last day for as_of
    .moved_group = { $people ->
        [one] { $people } person who is
       *[other] { $people } people who are
    } in the cycle by { $day } (as_of) belong elsewhere by { $last }, with the accounts that they served: have a run started for the group (StartAttributionRun, by group HR) and name it (attribution_run_id), or take the last day for as_of
# A cycle waits for the run.
RUN_AWAITED = a cycle is being closed with this attribution run: cancel the closing of the cycle instead
# A scheme reads what the run did not add up, and the records are not any more what the run credited.
RUN_OUTDATED = records of { $account } were changed since the attribution run read them, and the scheme reads a column that the run did not add up: start another run, or close without naming one
# The run keeps no rates that amounts could be converted by.
RUN_WITHOUT_RATES = the scheme names its currency, and the attribution run is from before rates were kept: close the cycle without naming the run, or start another one
    .on = record { $record } of { $account } of { $day } is in another currency, and the attribution run keeps no rates of that day, since no scheme that it was started for, or that was in use then, looks back so far: close the cycle without naming the run, or start another run
# The run was stopped while a cycle waited for it.
RUN_STOPPED = the attribution run was stopped: close the cycle again
# The run touches people or accounts beyond the unit that it was started for.
RUN_BELONGS_ABOVE = { $own ->
    [0] people of this unit serve accounts of { $units ->
        [0] other units
       *[other] { $beyond }
    }
   *[other] people of { $units ->
        [0] other units
       *[other] { $beyond }
    } serve the same accounts ({ $accounts })
}, and who worked together is credited together: have the attribution run started for { $unit } (StartAttributionRun, by somebody whose rights reach it), then close with it (CloseCycle with attribution_run_id)
    .group = { $own ->
        [0] people of this unit serve accounts of { $units ->
            [0] other units
           *[other] { $beyond }
        }
       *[other] people of { $units ->
            [0] other units
           *[other] { $beyond }
        } serve the same accounts ({ $accounts })
    }, and who worked together is credited together: have the attribution run started for the whole group (StartAttributionRun without a unit, by group HR), then close with it (CloseCycle with attribution_run_id)
# The scheme of a cycle is of a unit that is not above it.
SCHEME_OF_ANOTHER_UNIT = the scheme belongs to a unit that the cycle is not of: take a scheme of the group, of the unit or of one above it
# Nobody is in the cycle.
POPULATION_EMPTY = nobody is in the cycle: look at who is in and who is not with PreviewPopulation, and name other units, positions, grades or people
# A unit of a population that is not below the cycle's.
POPULATION_UNIT_BEYOND = { $unit } is not the cycle's unit or below it on that day
# A person of a population who is not below the cycle's unit.
POPULATION_PERSON_BEYOND = { $person } does not belong to the cycle's unit or below it on that day
# Somebody who is left out of a population, and whom the group does not have.
POPULATION_PERSON_UNKNOWN = nobody in the group has the id { $person }: look the id up with ListPeople
# The day of a population that is no day of the cycle's.
POPULATION_AS_OF_OUTSIDE = { $day } is no day of the cycle: name a day from { $from } to { $to }, or none, and { $to } counts
# A standard that the scheme of a cycle refines is out of use.
STANDARD_WITHDRAWN = the scheme "{ $scheme }" refines version { $version } of the standard "{ $standard }", which is out of use from { $from } on: the cycle is scored by it all the same
    .instead = the scheme "{ $scheme }" refines version { $version } of the standard "{ $standard }", which is out of use from { $from } on, and version { $instead } is to be used in place of it: the cycle is scored by it all the same
# Somebody came to the population or left it while the cycle was being closed.
POPULATION_CHANGED = came to the population or left it while the cycle was being closed
    .came = belongs to the population now, but did not when closing began, and has no card: close the cycle again to include the person
    .left = belonged to the population when closing began, but does not any more, and has a card: close the cycle again to leave the person out
# A question that names both.
CYCLE_OR_RUN = name a cycle or an attribution run, not both
# A piece of work of a run that was cancelled.
RUN_GONE = the run was cancelled
# A worker that stopped before its work was done.
WORKER_GONE = the worker went away
TIME_OF_DAY_MALFORMED = "{ $text }" is no time of day: write 04:00
RULES_VERSION_UNKNOWN = "{ $version }" is no version of the rules: write 1, 2 or 3
RULES_VERSION_DIFFERS = leave it out, or write { $version } as in policy.version
# Region or unit of an account are not as said.
ACCOUNT_ELSEWHERE = account { $account } is in region { $region } and { $unit ->
    [none] of no unit
   *[other] of unit { $unit }
}: say so

# Rows of records.

EXTERNAL_ID_MISSING = external_id is empty: give the platform's own id of the record
# Code TEXT_TOO_LONG.
RECORD_TEXT_TOO_LONG = { $field } is too long: at most { $max } characters
# Code TEXT_TOO_LONG.
MEASURE_TOO_LONG = a measure is too long: at most { $max } characters
# Code TEXT_TOO_LONG.
MEASURES_TOO_MANY = the list of measures is too long: at most { $max }
# Code TIME_MALFORMED.
RECORD_TIME_MISSING = { $field } is missing or no time
INTERVAL_BACKWARDS = ends { $ended } before it begins { $started }: correct one of them
RECORD_TIME_IMPLAUSIBLE = { $field } is not in the years { $first } to { $last }: check the year
INTERVAL_TOO_LONG = lasts from { $started } to { $ended }, and no record lasts longer than { $days } days: correct the dates
AMOUNT_OUT_OF_RANGE = the amount is above { $most } minor units: check the unit
REPLY_OUT_OF_RANGE = the first reply came after more than { $most } seconds: check the unit, or leave it out
MEASURE_OUT_OF_RANGE = the measure "{ $name }" has more than { $digits } digits before the point: check the unit
AMOUNT_NEGATIVE = the amount is negative: name in refers_to the record that it is a refund of
REFUND_TAKES_NOTHING = refers_to makes it a refund, and its amount is not negative: write the amount that was paid back with a minus, or leave refers_to empty
REFERS_TO_NOTHING = { $id } refers to { $other }, which is no record of this account: send that one first, or in the same call
REFERS_TO_REFUND = { $id } refers to { $other }, which is a refund itself: name the record that was served
# A version may say anything else than the version before.
REFERENCE_FIXED = { $id } is there and refers to another record, or to none: withdraw it, and send the refund under an id of its own
# Messages of a record that is not there, or that the caller may not bring in.
REPLY_RECORD_UNKNOWN = no record { $id } is on this account, or it is of a day that you may not bring in: import the record first, or correct its id or account
    .account = { $account } is the id of no account: give it as the lists give it
# A record's row without any message.
REPLIES_MISSING = { $id } has no message: send at least one, or leave the row out
# A message of which nobody says who wrote it.
REPLY_SIDE_MISSING = by is missing: say whether the agent or the customer wrote it
# More messages of a record than any dialogue has, or more in one call than it takes.
REPLIES_TOO_MANY = { $id } would have { $count } messages, and a record has at most { $most }: check whether one id stands for several dialogues
    .import = at most { $most } messages in a call, these are { $count }: send several calls
# A claim is of one record, or of one customer.
CLAIM_NAMES_BOTH = it names a record and a customer: name one of them, or neither for the next record on the account
# A claim on an account that the caller may not bring claims in for.
CLAIM_OUT_OF_REACH = claims on account { $account } are beyond what you may send: leave them out, or have somebody send them who may
# A claim that was taken back stays so.
CLAIM_WITHDRAWN = the claim of { $at } was withdrawn ({ $why }): leave it out
# An observation of somebody or something that the caller may not send observations of.
OBSERVATION_OUT_OF_REACH = { $name } is beyond what you may send: leave it out, or have somebody send it who may
# Contributors of a record that cannot be meant.
CONTRIBUTORS_MALFORMED = contributors: "{ $text }" names nobody: write a role and an employee number or nickname, without a semicolon
    .role = contributors: "{ $text }" is no role: use first_answer, closer or after_sales
    .twice = contributors: { $text } is there twice: name everybody once in a role
    .many = contributors: there are more than the { $max } that a record may have
# The parts of a rule that do not make one record.
SPLIT_NOT_WHOLE = the parts sum to { $sum } and not to 1000000 millionths: give every role its part so that they make one whole record
RECORD_CURRENCY_UNKNOWN = "{ $code }" is no currency of ISO 4217: write one, such as JPY, or leave it empty for the group's
REVISION_OUT_OF_RANGE = the revision { $revision } is above { $most }: send a smaller one
REVISION_TWICE = both revision and revised_at are there: send one of them
# A lower revision than the one that is stored, with other content.
REVISION_STALE = { $id } is there already as revision { $there }, which is newer than { $sent }: send a higher revision, if this is what counts
    .unsaid = { $id } is there already as revision { $there }, and this row says none: send a higher revision, if this is what counts
# A record that was taken out stays out: of an import, or of who would take it out once more.
RECORD_WITHDRAWN = { $id } was withdrawn ({ $why }): leave it out, or send a higher revision to bring it back
    .already = { $id } is withdrawn already ({ $why }): nothing is left to do
# A record that was moved to another account is sent, moved or withdrawn where it was.
RECORD_MOVED = { $id } was moved to another account ({ $why }): send it for that account
    .already = { $id } was moved to another account ({ $why }): ListRecordVersions says to which; where that is the right one, nothing is left to do
RECORD_OUT_OF_REACH = { $id } is beyond what you may bring in of its day: have whoever had the account's team on that day, or the group, bring it in
RATING_OUT_OF_RANGE = the rating { $rating } thousandths is above ten points
MEASURE_MALFORMED = the measure "{ $name }" must have a name of its own and either a decimal number or a text
ROWS_CONTRADICT = several rows of this call are { $id } and say different things: send the one that is right
# An id, or a name by which things are told apart, with a character that nobody sees.
ID_WITH_UNSEEN = { $field } holds the character { $character }, which nobody sees: delete it
    .here = it holds the character { $character }, which nobody sees: delete it
DIFFERENT_CONTENT = { $id } is there already with other content ({ $columns }): send it with a higher revision, if this is what counts
COLUMN_DIFFERS = { $column }: { $there } there, { $here } here
    .hidden = { $column }
NO_VALUE_THERE = none
# Putting records right.
MOVED_TO_ITSELF = it is the account that the record is on: name the one that it is of
# A record that refunds refer to cannot be withdrawn.
RECORD_REFERRED_TO = refund { $refund } refers to { $id }: withdraw the refund first
# A refund is on the account of the record that it refers to.
REFUND_MOVES_WITH_RECORD = { $id } is a refund of { $other }: move that record, and its refunds go with it
# A move overwrites nothing.
RECORD_THERE_ALREADY = the other account has, or had, another record { $id }: nothing is overwritten, withdraw the one that is wrong
# An amount in another currency than what is reckoned in, and no rate of its day or of a day before.
RECORD_RATE_MISSING = record { $record } of { $account } is in { $currency }, and the attribution run is from before rates were kept: close the cycle without naming the run, or start another one
    .on = record { $record } of { $account } is in { $from }, and no rate of { $from } and { $to } is known on { $day }: have it set from that day or an earlier one (SetRates, with its source), then correct the cycle again if it was published, else close it again, without naming a run or from one that is started afterwards: an earlier run keeps the rates that it has
    .look = { $account } has sales in { $from } from { $day } on, and no rate of { $from } and { $to } is known then: have it set from that day or an earlier one (SetRates, with its source)
# A record of an account of another unit stops a cycle of this one; the code says why.
RECORD_ELSEWHERE = a record of an account that is not of this unit cannot be computed with ({ $why }): have the group close a cycle over the same days, which names the record, have it put right, then close again without naming a run, or from one that is started afterwards: an earlier run keeps the records and rates that it read
# A session's amount, in what is reckoned in, is more than is computed with.
RECORD_AMOUNT_TOO_LARGE = the amount of record { $record } of { $account } is more than { $most } in minor units of { $to }, which is more than is computed with: correct the amount or the rate of its day, then close again

# Schedules.

# A schedule's unit is that of its cycles.
SCHEDULE_UNIT_STAYS = the unit of a schedule stays: write another schedule for another unit
# Who is in is settled anew each month.
SCHEDULE_AS_OF = a schedule settles each month who is in, on the last day of that month: leave the day out
# A day of a month.
SCHEDULE_DAY = { $day } is no day of a month: write 1 to 31; in a month that does not have it, the last day is meant
# How long a run waits between looking and closing.
SCHEDULE_DELAY = a run waits at most { $most } minutes between looking and closing
    .dry = a schedule that looks first says how many minutes later it closes, 1 to { $most }; one that does not look first says 0
# Closing has begun.
SCHEDULE_RUN_CLOSES = the run is closing its cycle: cancel the closing of the cycle instead
# The run is over.
SCHEDULE_RUN_ENDED = the run has ended: there is nothing to stop
# A month is begun once.
SCHEDULE_MONTH_THERE = the month has been begun already: it can be begun again once its run failed or was stopped
# A month is closed once it is over.
SCHEDULE_MONTH_NOT_OVER = the month is not over yet in the zone of the schedule: begin it afterwards
# A schedule that would close every month a second time.
SCHEDULE_THERE = the schedule { $schedule } says the same, and every month would be closed twice: change that one (UpdateSchedule), or give this one another name if that is meant
# Who wrote the schedule last left, or lost the right to make and close cycles of its unit.
SCHEDULE_MAKER_MAY_NOT = whoever wrote the schedule last may not make and close cycles here any more: let somebody who may write it anew (UpdateSchedule), and begin this month by hand (BeginScheduleRun)

SCHEDULE_BEGAN = { $month } has begun, which was due at { $due }
SCHEDULE_LEFT_OUT = { $months ->
    [one] { $months } month before was missed longer ago than { $most } months and is not closed by itself: close it by hand if it is wanted
   *[other] { $months } months before were missed longer ago than { $most } months and are not closed by themselves: close them by hand if they are wanted
}
SCHEDULE_LOOKED = looked: { $people ->
    [one] { $people } person is in
   *[other] { $people } people are in
}, { $accounts ->
    [one] { $accounts } account
   *[other] { $accounts } accounts
} with { $records ->
    [one] { $records } record
   *[other] { $records } records
} around the month, { $findings ->
    [0] nothing odd
    [one] { $findings } finding ({ $kinds })
   *[other] { $findings } findings ({ $kinds })
}
    .everybody = looked: everybody of the group is in, { $accounts ->
        [one] { $accounts } account
       *[other] { $accounts } accounts
    } with { $records ->
        [one] { $records } record
       *[other] { $records } records
    } around the month, { $findings ->
        [0] nothing odd
        [one] { $findings } finding ({ $kinds })
       *[other] { $findings } findings ({ $kinds })
    }
SCHEDULE_WAITS = nothing is closed before { $until }: stop the run if something is to be put right first
SCHEDULE_WOULD_FAIL = as it is now, closing will be refused: { $why }; what comes in by then counts
SCHEDULE_MAY_FAIL = as it is now, closing will be refused if somebody of the unit is credited with it: { $why }; what comes in by then counts
SCHEDULE_AWAITS_RUN = waits for an attribution run of { $from } to { $to } about this unit or one above it, begun once these days were over: start one there (StartAttributionRun), or close a cycle there
    .early = waits for an attribution run of { $from } to { $to } about this unit or one above it: the newest, { $run }, began before these days were over: start another one there (StartAttributionRun)
    .differs = waits for an attribution run of { $from } to { $to } about this unit or one above it: the newest, { $run }, has another policy than this schedule: start one by the policy of the schedule (StartAttributionRun), or change the schedule (UpdateSchedule)
    .part = waits for an attribution run of { $from } to { $to } about this unit or one above it: the newest, { $run }, is about a part of what is closed: start one about all of it (StartAttributionRun)
SCHEDULE_SCORES_FROM = scores from the attribution run { $run }
SCHEDULE_CLOSES = made the cycle { $cycle } and closes it
    .again = closes the cycle { $cycle } again, which came to nothing
SCHEDULE_DONE = closed: { $people ->
    [one] { $people } person has a card
   *[other] { $people } people have a card
}, of { $records ->
    [one] { $records } record
   *[other] { $records } records
} { $nobody ->
    [one] { $nobody } is credited to nobody
   *[other] { $nobody } are credited to nobody
}, { $findings ->
    [one] { $findings } finding
   *[other] { $findings } findings
}; look at it, and publish it if it is right
SCHEDULE_FAILED = came to nothing: { $why }
SCHEDULE_AGAIN = begun again by hand
SCHEDULE_STOPPED = stopped by hand
SCHEDULE_DELETED = stopped, since the schedule was deleted
SCHEDULE_CYCLE_CANCELLED = the closing of the cycle was cancelled

# Observations.

# An observation says what was measured.
OBSERVATION_WITHOUT_MEASURE = measure is empty: give the name of the measure, as schemes name it
# An observation is about one subject.
OBSERVATION_WITHOUT_SUBJECT = it says nothing that it is about: give a person, a unit, an account, a store or a campaign
    .id = the id of the { $kind ->
        [person] person
        [unit] unit
       *[account] account
    } is no id: give it as the lists give it
# Nobody, or nothing, of this name is known.
OBSERVATION_SUBJECT_UNKNOWN = { $kind ->
    [person] no person { $key } is known: correct it, or bring that in first
    [unit] no unit { $key } is there on these days or now, and nobody ever worked in it: correct the unit, correct the days where it was closed before them, or bring it in first
    [account] no account { $key } is known: correct it, or bring that in first
   *[store] no account of a store { $key } is known: correct it, or bring that in first
}
# The unit was closed before the last of these days, or not there yet.
OBSERVATION_UNIT_CLOSED = unit { $unit } was closed, and { $last } was its last day: let the days end there, or correct the unit
    .into = unit { $unit } was closed, { $last } was its last day, and its people went to { $into }: let the days end there, and send what was observed from then on for that unit
    .later = unit { $unit } begins on { $from }: correct the days or the unit
# The suite knows it from duty and employments.
OBSERVATION_RESERVED = "{ $measure }" is observed by the suite itself: leave it out, or give the measure another name
# Only a campaign is run by a unit.
OBSERVATION_UNIT_NOT_HERE = unit_id says who runs a campaign, and this is about { $kind ->
    [person] a person
    [unit] a unit
    [account] an account
   *[store] a store
}: leave it out
# An observation is at an instant or over days.
OBSERVATION_WITHOUT_TIME = it needs either an instant (at) or a first day and, for more than one, a last one (from, to): give one of both
    .date = { $field } is no date: write it as 2026-03-31
OBSERVATION_BACKWARDS = ends { $to } before it begins { $from }: correct one of them
OBSERVATION_TOO_LONG = is about { $from } to { $to }, and no observation is about more than { $most } days: correct the days
OBSERVATION_TIME_IMPLAUSIBLE = { $field } is not in the years { $first } to { $last }: check the year
OBSERVATION_WITHOUT_NUMBER = "{ $text }" is no decimal number with at most six places: correct it
OBSERVATION_OUT_OF_RANGE = the value is above { $most } either way: check the unit
# Another value of the same measure, subject and time.
OBSERVATION_DIFFERENT = { $name } is there already with { $other } from { $source }, and here it is { $value } from { $of }: send it with a higher revision, if this is what counts
# An observation that was taken out stays out.
OBSERVATION_WITHDRAWN = { $name } was withdrawn ({ $why }): leave it out, or send a higher revision to bring it back

# Schemes.

SCHEME_WITHOUT_INDICATORS = at least one indicator is needed
NAME_TWICE = "{ $name }" is there twice
WEIGHTS_NOT_HUNDRED = the weights sum to { $sum }, not to 100: change them so that they sum to exactly 100
WEIGHT_NOT_POSITIVE = { $weight } is not above zero: leave the indicator out
# A measure of the scheme is beyond what is computed with.
MEASURE_TOO_LARGE = the measure "{ $column }" of record { $record } of { $account } is { $value }, which is too large to compute with: at most 9000000000000 either way; correct the record, or take the indicator out of the scheme
    .row = { $text } is too large to compute with: at most { $most } either way
MEASURE_TOO_LARGE_CURE = correct the number, or take the indicator that measures the column out of scheme.yaml
MEASURE_UNKNOWN = "{ $measure }" is neither a built-in measure (credited_records, first_reply_within_30s, resolved, rating_at_least_4, amount) nor a numeric column of the records
# The bounds of a standard name an indicator that it does not have.
BOUNDS_OF_NOTHING = the scheme has no indicator "{ $kpi }": write the key of one of its own
# The least of a bound is above its greatest.
BOUNDS_BACKWARDS = the least, { $min }, is above the greatest, { $max }: exchange them
# The standard's own value is not within its bounds.
BOUNDS_WITHOUT_OWN = the scheme itself has { $own }, which is not from { $min } to { $max }: widen the bounds so that it is
# The share of indicators beside the standard's is no share.
BOUNDS_EXTRA = { $most } is not above 0 and below 100
# A branch's scheme has a value that the standard it refines does not allow.
REFINED_BEYOND = { $value } is outside of what the standard "{ $standard }" allows: { $min } to { $max }
    .target = the standard "{ $standard }" allows a number from { $min } to { $max }
# A branch's scheme changes what the standard that it refines lays down.
REFINED_FIXED = the standard "{ $standard }" lays this down: write what it has
    .value = the standard "{ $standard }" lays down { $fixed }, not { $value }
# An indicator of a branch's scheme has the key of one of the standard's and measures something else.
# A branch's scheme defines a measure of the standard in another way.
REFINED_DEFINITION = the standard "{ $standard }" lays down what "{ $measure }" is: copy its definition as it is
    .column = the standard "{ $standard }" takes "{ $measure }" from the column of this name: give the definition another name
    .extra = the standard "{ $standard }" allows "{ $measure }" as the catalogue defines it: leave the definition out, and it is copied from there
REFINED_MEASURE = "{ $kpi }" of the standard "{ $standard }" measures { $measure }: measure that, or give this indicator a key of its own
# Two ways of saying how much an indicator may count.
WEIGHT_BOUND_TWICE = say either weight, from and to, or weight_within, so much more or less: not both
# A bound that is said the wrong way round.
WEIGHT_BOUND_BELOW_0 = so much more or less is said as a number of 0 or above
# A bound beyond what is computed with.
WEIGHT_BOUND_TOO_LARGE = this is more than can be computed with: say at most 100
# A branch's scheme lacks an indicator that the standard lays down.
REFINED_LEFT_OUT = "{ $kpi }" is missing, and the standard "{ $standard }" does not allow to leave it out
# A branch's scheme has an indicator beside the standard's, which allows none.
REFINED_EXTRA = "{ $kpi }" is no indicator of the standard "{ $standard }", which allows none beside its own
# An indicator beside the standard's measures something that the standard does not allow.
REFINED_EXTRA_MEASURE = "{ $measure }" is not among what indicators beside those of the standard "{ $standard }" may measure: { $measures }
# The indicators beside the standard's weigh more than it allows.
REFINED_EXTRA_SHARE = the indicators beside those of the standard "{ $standard }" weigh { $sum }, and it allows at most { $most } together
# What a scheme names as its parent is of the same unit, or of one that is not above it.
SCHEME_PARENT_NOT_ABOVE = a scheme refines one of the group or of a unit above its own: name such a one, or none
# A scheme, or a version, is out of use: by the end of the cycle's period, or today where something is written.
SCHEME_WITHDRAWN = the scheme "{ $name }" is out of use from { $from } on: take another one, or write one under another name
    .version = version { $version } of "{ $name }" is out of use from { $from } on: take another version
    .version_none = version { $version } of "{ $name }" is out of use from { $from } on, and no other version is in use then: take another scheme, or have a new version written
    .version_for = version { $version } of "{ $name }" is out of use from { $from } on: take version { $instead }
    .parent = the version of "{ $name }" that the scheme refines is out of use since { $from }: refine another version, or another scheme
    .parent_none = the version of "{ $name }" that the scheme refines is out of use since { $from }, and so is every other one: refine another scheme, or none
    .parent_for = the version of "{ $name }" that the scheme refines is out of use since { $from }: refine version { $version }
# A version or scheme was withdrawn before.
SCHEME_WITHDRAWN_ALREADY = that is out of use from { $from } on already
# What is to be used in place of a withdrawn version cannot be.
SCHEME_NOT_INSTEAD = version { $version } cannot be used in place of it: name another version of the scheme that is in use, and only where one version is withdrawn
# A scheme that another stack writes.
SCHEME_IMPORTED = the scheme came from { $region } and is written there: change it there and import the file again
# Only schemes of the group go to other stacks.
SCHEME_OF_A_UNIT = the scheme belongs to a unit and stays in its region: export a scheme of the group
# A file has other content under a version that is known here.
STANDARD_DIFFERS = version { $version } of "{ $name }" is here with other content: versions never change, so ask the stack that writes it which is right
    .withdrawal = "{ $name }" is out of use here from another day on: ask the stack that writes it which is right
# A file of a stack that does not write the scheme.
STANDARD_NOT_FROM = the scheme is not written by the stack of { $region }: import the file of the stack that writes it
# A scheme of the group has the name already.
SCHEME_NAME_TAKEN = the group has another scheme of the name "{ $name }" here: give the standard another name where it is written
# No scheme of the group has the name.
SCHEME_NAME_UNKNOWN = the group has no scheme of the name "{ $name }" here: ListSchemes tells their names
STANDARD_IMPORTED = "{ $name }" of { $region }: version { $version } is the newest, { $written } new, { $unchanged } unchanged
# A unit's scheme refines none of the standards that are mandatory for it.
STANDARD_MANDATORY = a scheme here must refine one of the standards that are mandatory: name one of them as its parent: { $standards }
TARGET_MISSING = a number or team_median is needed
TARGET_NOT_POSITIVE = { $target } is not above zero
FLOOR_NOT_BELOW_CAP = the floor { $floor } is not below the cap { $cap }
SMALL_SAMPLE_NOT_HERE = only rates and means can be drawn to the average
QUOTAS_NOT_WHOLE = the quotas must sum to exactly 1000000 millionths
BANDS_OUT_OF_ORDER = write the bands best first, with no more points for a worse one
BANDS_NOT_HERE = bands belong to forced_distribution only
GRADES_OUT_OF_ORDER = write the grades best first, each with a lower min_score
GRADES_MIXED = give every grade a min_score, or every grade a quota
# A definition of a measure says not what it is taken from, or not how.
MEASURE_OF_EXPECTED = say what the measure is taken from: record, observation, ratio, sum, repeat, trend or team
AGGREGATION_EXPECTED = say how the values become one, by an aggregation that this release knows
OBSERVED_OF_EXPECTED = say of what it is observed: a person, a unit, an account, a store or a campaign
MEASURES_DEFINED_TOO_MANY = a scheme defines at most { $most } measures: leave out those that no indicator uses
MEASURE_BUILT_IN = "{ $name }" is a built-in measure: give the definition another name
MEASURE_VALID_BACKWARDS = the first day, { $from }, is after the last, { $to }: exchange them
MEASURE_VALUE_MISSING = a value of the records is needed: first_reply_seconds, duration_seconds, resolved, rating, amount, or a column of numbers
MEASURE_OF_RESOLVED = resolved is yes or no: take its share, or count the records
MEASURE_COLUMN_UNKNOWN = "{ $column }" is no numeric column of the records
MEASURE_TEST_MISSING = a threshold is needed: at_most, at_least, below, above or equal
MEASURE_TEST_NOT_HERE = a threshold belongs to a share, or to a count of records or customers by a value: leave it out
MEASURE_HOURS_EMPTY = the hours begin and end at the same time: leave them out to count all day
MEASURE_HOURS_NOT_HERE = only seconds can be counted within hours, those of first_reply_seconds or duration_seconds: count records that begin within them
MEASURE_SESSION_TOO_LONG = a session has pauses of at most { $most } minutes
MEASURE_SESSION_NOT_HERE = a sum takes every record, and customers are counted once anyhow: leave the session out
MEASURE_ADDS_NOT_UP = "{ $measure }" is no count and no sum, so that nothing can be divided by it or by something: name one that adds up
MEASURE_SUM_EMPTY = at least one measure to sum is needed
MEASURE_FACTOR_ZERO = a factor of 0 takes a measure out: leave it out
MEASURE_COUNT_EXPECTED = "{ $measure }" is no count of records that the scheme defines: a repetition is looked for among records
MEASURE_DAYS_BEYOND = a repetition is looked for within 1 to { $most } days
MEASURE_PART_UNKNOWN = "{ $measure }" is neither defined in the scheme nor built in: define it too, or correct the name
MEASURE_OF_ITSELF = "{ $measure }" is computed from itself: take it out of what it is computed from
MEASURE_NAME_RESERVED = names that begin with "{ $prefix }" belong to the measures that everybody has: choose another name
# The owner has a measure of this name in the catalogue.
MEASURE_NAME_TAKEN = there is a measure of the name "{ $name }" already: change that one, or choose another name
# A measure of the catalogue keeps its name, since schemes name it.
MEASURE_NAME_FIXED = the measure is called "{ $name }" and stays so: define another one under the new name, and retire this one
# A measure of the catalogue that is out of use is named.
MEASURE_RETIRED = out of use in the catalogue: { $measures }. Name another measure, define one of that name in the scheme itself, or put it back in use (UpdateMeasure)
# A measure that is out of use already.
MEASURE_RETIRED_ALREADY = "{ $name }" is out of use already
# Other measures of the catalogue are computed from one that is to be changed or retired.
MEASURE_NEEDED = other measures of the catalogue are computed from "{ $name }" and would not be sound any more: change or retire these first: { $by }
SUPPLIED_MEASURE = { $key ->
    [first_reply_seconds] Seconds until the first reply
    [presale_first_reply_within_30s] First reply within 30 s before a sale
    [aftersale_resolved] Resolved after a sale
    [handling_seconds] Seconds of a dialogue
    [rating] Rating
    [solved] Resolved records
    [customers] Customers
    [buyers] Customers who bought
    [orders] Orders
    [presale_records] Records before a sale
    [conversion] Conversion
    [order_value] Value of an order
    [repeat_purchase_30d] Repeat purchase within 30 days
    [second_conversion_7d] Conversion within 7 days after a first contact
    [complaints] Complaints
    [complaint_rate] Complaint rate
   *[other] { $key }
}
# There is no scheme of this name to begin with.
SCHEME_TEMPLATE_UNKNOWN = there is no scheme of the name "{ $name }" to begin with: choose one of { $names }
TEMPLATE_TITLE = { $name ->
    [agent] Service agents
    [operations] Store operations
   *[service-manager] Service managers
}
TEMPLATE_ABOUT = { $name ->
    [agent] For those who serve customers: work done, first reply, resolved, rating, conversion, quality checks and punctuality
    [operations] For those who run stores: visitors, conversion, campaign sales, cost of an order and growth, all observed; no service records are needed
   *[service-manager] For those who lead agents, in four dimensions: service quality, team, business and innovation
}
# Nobody has a credited record.
NOBODY_TO_SCORE = there is nobody to score: the period holds no credited record
# A person twice among the scores.
PERSON_TWICE = person { $person } is there twice
# No card has an indicator that could be scored.
SCHEME_WITHOUT_DATA = no indicator could be scored for anybody, since there is no data, or the median that would be the target is not above zero (each card says which)
SCHEME_WITHOUT_DATA_CURE = choose indicators and targets that fit the records
# Nobody has data of a measure that the scheme defines, so that its indicator counts for nobody.
MEASURE_NOT_SENT = nobody has data of "{ $measure }", so that its indicator counts for nobody: { $what ->
        [records] there is no record of the kinds and hours that it looks at
        [known] send { $column } with the service records
       *[column] send the column { $column } with the service records
    }
    .observation = nobody has data of "{ $measure }", so that its indicator counts for nobody: send observations of it for the period
    .past = nobody has a value of "{ $of }" from before, so that the indicator of "{ $measure }" counts for nobody: it counts once an earlier cycle of this scheme, over a period of the same length, is published
    .team = nobody has data of "{ $measure }", so that its indicator counts for nobody: nobody of a team that is led has data of { $of }
# Observations that count for nothing in a cycle.
OBSERVATIONS_BEYOND_PERIOD = { $count ->
    [one] one observation of "{ $measure }" reaches
   *[other] { $count } observations of "{ $measure }" reach
} beyond the period from { $from } to { $to } and { $count ->
    [one] counts
   *[other] count
} for nothing: an observation counts in a period that holds all of its days
OBSERVATIONS_UNREAD = { $count ->
    [one] one observation of "{ $measure }" in the period counts
   *[other] { $count } observations of "{ $measure }" in the period count
} for nothing: no indicator of this scheme reads the measure, and none of any other scheme in use
    .near = { $count ->
    [one] one observation of "{ $measure }" in the period counts
   *[other] { $count } observations of "{ $measure }" in the period count
} for nothing: no indicator of this scheme reads the measure, and none of any other scheme in use (is { $near } meant?)
# Sums beyond what is computed with: the cards are made without the indicator.
INDICATOR_TOO_LARGE = the indicator { $indicator } counts for nobody, since the number of { $people } is too large to compute with
    .apart = the indicator { $indicator } counts for nobody, since its numbers lie too far apart to compute with them
INDICATOR_TOO_LARGE_CURE = check the currency and the unit of the amounts and measures, or take the indicator out of scheme.yaml
# A number beyond what is computed with.
NUMBER_TOO_LARGE = the score of person { $person } is too large to compute with: look at the floors and caps of the scheme
    .grades = the quotas of the grades are too large to compute with: make them smaller
    .unit = the numbers of unit { $unit } are too large to compute with: look at the cards of its people
    .pool = the money or the shares of the pool are too large to compute with: look at the amount and at the rule
    .part = the weights of part { $place } of the pool are too large to compute with: look at the scores and at the rule
    .person = the score of person { $person } is too large to compute with in part { $place } of the pool: look at the score and at the rule

# Score cards: a line for an indicator, made of what was measured, what the small-sample rule did, the points and the weight.
CARD_MEASURE = { $measure ->
    [credited_records] Credited records
    [first_reply_within_30s] First reply within 30 s
    [resolved] Resolved
    [rating_at_least_4] Rating at least 4 of 5
    [amount] Sales amount
   *[other] { $kpi }
}
CARD_DEFINED = { $name } ({ $what })
CARD_VALUE = { $kind ->
    [records] { $value } records
    [customers] { $value } customers
    [percent] { $value } %
    [own] { $value } { $unit }
    [standard] { $value } { $unit ->
        [points] points
       *[currency] { $unit }
    }
   *[bare] { $value }
}
CARD_LINE_DROPPED = { $name }: { $why ->
    [nobody] nobody has data in the period, so it is dropped for everybody
    [person] there is no data of this person, so it is dropped here
    [too_large] the number is too large to compute with, so it is dropped for everybody
    [past] there is no value of before other than 0 of this person to hold it against, so it is dropped here
    [too_large_elsewhere] the number of somebody else is too large to compute with, or the numbers of the group lie too far apart, so it is dropped for everybody
   *[target] the median that would be its target is not above zero, so it is dropped
}, and its weight of { $weight } is spread over the other indicators in proportion.
CARD_AGAINST = { $value } against { $past }
CARD_PAST = { $measure } of { $values }
CARD_PAST_VALUE = { $value } from { $from } to { $to }
CARD_LINE_NOT_SCORED = { $name }: not scored.
CARD_LINE = { $name }: { $measured }{ $filled }; { $points }{ $limit ->
    [cap] {" "}(the cap)
    [floor] {" "}(the floor)
   *[none] {""}
}; times weight { $weight } %{ $spread ->
    [yes] {" "}({ $scheme_weight } in the scheme, and a part of what dropped indicators left)
   *[no] {""}
} gives { $weighted }.
CARD_MEASURED = { $value } on { $records } records
CARD_NOT_MEASURED = not measured
CARD_SMALL_SAMPLE = ; below { $below } records the missing ones count as average ({ $group }), which gives { $adjusted }
CARD_POINTS_BY_TARGET = against the target of { $target } ({ $basis ->
    [scheme] set by the scheme
    [team] median of the { $people } people of the team
   *[group] median of all { $people } people, the team being too small
}) that is { $points } points
CARD_POINTS_BY_PLACE = { $by ->
    [target] the target
    [min_max] the place between the worst and the best of the group
    [percentile] the percentage of the group that is no better
    [t_score] the distance from the group's mean in standard deviations
   *[band] the band of the place in the group
} makes that { $points } points
CARD_CHANGE = { $kind ->
    [rate_more] { $step } percentage point more
    [rate_less] { $step } percentage point less
    [records_more] { $step } more credited record
    [records_fewer] { $step } fewer credited record
    [more] { $amount } more
   *[less] { $amount } less
}
CARD_NEXT = { $effect ->
    [capped] { $change } would add nothing: the cap is reached.
    [nothing] { $change } alone would add nothing.
   *[points] { $change } would add { $gain } points.
}
CARD_SUMMARY = Score { $score }, rank { $rank } of { $of }{ $grade }{ $collaboration }.
CARD_GRADE = , grade { $grade }
CARD_COLLABORATION = ; { $points } of it for collaboration: { $outside } of { $credited } records were outside the own roster or team

# What a definition of a measure says, as a part of a sentence.
DEFINED = { $what }{ $few ->
    [yes] , of at least { $min_count }
   *[no] {""}
}{ $valid ->
    [between] , from { $from } to { $to }
    [from] , from { $from } on
    [to] , until { $to }
   *[ever] {""}
}
DEFINED_RECORDS = { $aggregation ->
    [mean] the mean of { $value }
    [sum] the sum of { $value }
    [share] the percentage of records with { $value } { $test }
    [count] the number of records
    [count_of] the number of records with { $value } { $test }
    [distinct] the number of customers
   *[distinct_of] the number of customers of records with { $value } { $test }
}{ $kinds }{ $hours }{ $session }
DEFINED_VALUE = { $value ->
    [first_reply_seconds] the seconds until the first reply
    [duration_seconds] the seconds from beginning to end
    [resolved] the problem resolved
    [rating] the rating
    [amount] the sales amount
   *[column] { $value }
}
DEFINED_GIVEN = given
DEFINED_TEST = { $is ->
    [at_most] at most { $threshold }
    [at_least] at least { $threshold }
    [below] below { $threshold }
    [above] above { $threshold }
   *[equal] equal to { $threshold }
}
DEFINED_KINDS = , of the kind { $kinds }
DEFINED_HOURS = , { $counts ->
    [begun] begun
   *[inside] counting the time
} from { $from } to { $to }
DEFINED_SESSION = , the first of each session with pauses of at most { $minutes ->
    [one] { $minutes } minute
   *[other] { $minutes } minutes
}
DEFINED_OBSERVATION = { $aggregation ->
    [sum] the sum
    [mean] the mean
   *[last] the last
} of what was observed of the { $subject ->
    [person] person
    [unit] org unit
    [account] account
    [store] store
   *[campaign] campaign
}
DEFINED_RATIO = { $of } / { $per }{ $percent ->
    [yes] {" "}in percent
   *[no] {""}
}
DEFINED_SUM = the sum of { $parts }
DEFINED_PART = { $factor } × { $of }
DEFINED_REPEAT = the percentage of { $of } whose customer had { $after } within { $days ->
    [one] { $days } day
   *[other] { $days } days
} before
DEFINED_TREND = by how many percent { $of } differs from the person's own past
DEFINED_TEAM = { $aggregation ->
    [mean] the mean of { $of } over the team as of each day
    [share] the percentage of the team, as of each day, with { $of } { $test }
   *[sum] the sum of { $of } over the team as of each day
}
# What a correction changed on a card.
CARD_CHANGED = Before: { $before } Now: { $after }
CARD_CAME = There is a card now: { $after }
CARD_WENT = There is no card any more. Before: { $before }
CARD_CREDITED_CHANGED = Credited records: { $before } before; { $after } now.
CARD_LINE_CHANGED = { $name }: { $before } before; { $after } now.
CARD_LINE_CAME = { $name }: counts now: { $after }.
CARD_LINE_WENT = { $name }: counts no more: { $before } before.
CARD_STANDING = { $measured }, { $points } points, with weight { $weight } % { $weighted }
    .dropped = { $measured }, not scored
CARD_WORKED_OUT_ANEW = The score is the same; it was worked out anew from other numbers.

# Why a record was credited as it was, a sentence a rung.
LADDER_REFUND = { $refund } is a refund of { $sale }: it has the credit of that record and lessens its amount
LADDER_BEGAN = Began at { $at } on { $account }, { $phase ->
    [shared] a shared account on that day
    [mixed] on that day on its way from shared to named
   *[named] a named account on that day
}.
LADDER_TAG_NONE = Tag: the platform named nobody.
LADDER_TAG_UNKNOWN = Tag: the platform named "{ $agent }", who is nobody employed on that day or more than one.
LADDER_TAG = Tag: the platform named "{ $agent }", who is { $person }: the record is theirs.
LADDER_NAMED_WITHOUT = On a named account only tags and hand-overs count, and there was neither: credited to nobody.
LADDER_DUTY_NONE = Duty: nobody held the account or was on duty at that time.
LADDER_DUTY = Duty: { $list }.
# The record is credited by its replies: who was on duty then.
LADDER_DUTY_ANSWERED = Duty when it was answered: { $list }.
    .unheld = Duty: nobody held the account or was on duty when it began; when it was answered, { $list }.
LADDER_ON_DUTY = { $person } { $rule ->
    [handover] held it by hand-over
    [roster] was rostered on it
    [punch] of its team was punched in
   *[team] is of its team
}, { $from } to { $to } [{ $evidence }]
LADDER_SHARES = { $before }, { $share }
LADDER_BY_SESSION = Another record of the same customer's session names its agent, so this one follows: { $shares }.
LADDER_BY_TAG = Credited by tag: { $shares }.
LADDER_BY_HANDOVER = One person held the account by hand-over: { $shares }.
LADDER_SOLE = One person was on duty: { $shares }.
LADDER_INFERRED = Several were on duty; who was busy with other records, and how each works, tells them apart: { $shares }.
LADDER_EQUAL = Several were on duty and there is too little to tell them apart, so they share equally: { $shares }.
LADDER_TEAM = The account has no evidence of duty at all, so its team shares: { $shares }.
LADDER_NOBODY = So it is credited to nobody.
LADDER_CONTRIBUTORS = Contributors: { $list }.
LADDER_CONTRIBUTOR = { $role ->
    [first_answer] answered first
    [closer] closed the sale
   *[after_sales] served after the sale
}: "{ $agent }", who is { $person }
LADDER_CONTRIBUTOR_UNKNOWN = { $role ->
    [first_answer] answered first
    [closer] closed the sale
   *[after_sales] served after the sale
}: "{ $agent }", who is nobody employed on that day or more than one
LADDER_SPLIT = Credited by role, as rule "{ $version }" says: first answer { $first_answer }, closing { $closer }, after-sales { $after_sales }; the part of a role that nobody held goes to the others in proportion: { $shares }.
LADDER_BY_SPLIT = Credited by role: { $shares }.
LADDER_BY_CLAIM = It was claimed with a click: { $shares }.
# When the click was, where that is certain.
LADDER_CLICKED = { $person } clicked at { $at }.
LADDER_BY_DEVICE = It was served at the device { $device }, which was one person's then: { $shares }.
LADDER_BY_REPLIES = Several were on duty, each with several dialogues at once; the times of the replies tell them apart: { $shares }.
LADDER_BY_TAG_SHARE = Several were on duty, each with several dialogues at once; they share as the records near in time that name their agent: { $shares }.
LADDER_NOT_SPLIT = The policy gives the roles that are named no part: the record is credited as if it named no contributors.
LADDER_WORTH = On this account about { $now } of the records are expected to be credited to somebody else; with breaks punched about { $breaks }, with devices on 30 % of the replies about { $devices }, with half of the records claimed about { $claims }. That is expected by the doubts of this month, not promised.

# What spoke for one person rather than another.
WHY = { $first } ({ $part } %) rather than { $second } ({ $rest } %): { $what }.
WHY_AGAINST = { $why } { $sign ->
    [hands] The pause since the last reply spoke for { $second }.
    [thread] The dialogue so far spoke for { $second }.
    [profile] The kind of reply spoke for { $second }.
   *[device] The device spoke for { $second }.
}
WHY_SOMEBODY = somebody else
WHY_SECONDS = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
WHY_MINUTES = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
WHY_HOURS = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
WHY_DAYS = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
WHY_HANDS = { $one }, { $other }
    .short = { $one }, { $other }, hardly time enough for another reply
    .usual = { $one }, { $other }, and such a pause is more usual for { $first }
WHY_WROTE = { $who } had last replied { $pause } before
WHY_NOT_YET = { $who } had come on duty { $pause } before and not replied yet
WHY_THREAD = { $first } had probably answered this customer { $pause } earlier
WHY_PROFILE = { $first } answers customers who have waited { $wait } more often than { $second }
    .first = { $first } gives the first reply to customers who have waited { $wait } more often than { $second }
    .again = { $first } writes again { $wait } after a reply, without a new message of the customer, more often than { $second }
    .unasked = { $first } writes to customers who have not written yet more often than { $second }
WHY_WAIT = { $class ->
    [0] less than 5 minutes
    [1] 5 to 20 minutes
    [2] 20 to 60 minutes
    [3] 1 to 4 hours
    [4] 4 to 24 hours
   *[other] more than a day
}
WHY_DEVICE = the device that it was written on is that of { $first }
    .same = { $first } had probably written on the same device before
WHY_DUTY = of its { $all } replies { $first } was on duty at { $count }, { $second } at { $other }
WHY_NAMES = of the records within an hour that name their agent and for which they were on duty, { $first } has { $count } of { $all } and { $second } { $other } of { $others }
    .all = of the account's records that name their agent and for which they were on duty, { $first } has { $count } of { $all } and { $second } { $other } of { $others }
WHY_TOGETHER = no sign decides alone, but all replies around it together
WHY_TOO_FEW_REPLIES = Nothing tells them apart: too few records of the account have times of replies to learn from.
WHY_TOO_DENSE = Nothing tells them apart: on this account replies come too densely for their times alone, and too few records are named, claimed or written at known devices.
WHY_CLOCK_WITHOUT_SECONDS = Nothing tells them apart: the times of the account's replies have no seconds that one can trust.
WHY_NO_REPLY_TIMES = Nothing tells them apart: each may hold several dialogues at once, and no reply to this one is known that was written while they were on duty.

# Findings. Months that were closed hold the English sentences in their result folders: they stay as they are.

# Code ACCOUNT_UNKNOWN.
CREDIT_ACCOUNT_UNKNOWN = { $records } records of an account that attendance does not know were left out
# Code UNKNOWN_AGENT.
CREDIT_UNKNOWN_AGENT = { $records } records name the agent "{ $agent }", who is nobody employed on their days or more than one: they count as without a name
# Code NO_DUTY_EVIDENCE.
CREDIT_NO_EVIDENCE = no roster, punch or hand-over at all: its team shares { $records } records
# Code UNHELD_ACCOUNT.
CREDIT_NOBODY_ON_DUTY = { $records } records came while nobody was on duty: credited to nobody
# Code TAG_OFF_DUTY.
CREDIT_TAG_OFF_DUTY = { $records } records name { $person }, who was not on duty then: the name counts
# Code NAMED_WITHOUT_AGENT.
CREDIT_NAMED_WITHOUT_AGENT = { $records } records of a named account name nobody: credited to nobody but by hand-over
# Code MIXED_WITHOUT_TAG.
CREDIT_MIXED_WITHOUT_TAG = { $records } records of a mixed account name nobody: credited as on a shared one
# A name of a contributor that nobody is known by.
CONTRIBUTOR_UNKNOWN = { $records ->
    [one] { $records } contribution is of "{ $agent }", who is nobody employed on its day or more than one: its part goes to the other contributors
   *[other] { $records } contributions are of "{ $agent }", who is nobody employed on their days or more than one: their parts go to the other contributors
}
# Code CONTRIBUTOR_OFF_DUTY.
CREDIT_CONTRIBUTOR_OFF_DUTY = { $records ->
    [one] { $records } record names { $person } as a contributor, who was not on duty when it began
   *[other] { $records } records name { $person } as a contributor, who was not on duty when they began
}: the name counts
# Code CONTRIBUTORS_NOT_SPLIT.
CREDIT_CONTRIBUTORS_NOT_SPLIT = { $records ->
    [one] { $records } record names contributors, and the policy gives their roles no part: they are kept, and the record is credited as if it named none
   *[other] { $records } records name contributors, and the policy gives their roles no part: they are kept, and the records are credited as if they named none
}
# Code TOO_FEW_TO_INFER.
CREDIT_TOO_FEW_TO_INFER = { $records } records had several people on duty, too few to infer from: shared equally
# Code DID_NOT_SETTLE.
CREDIT_DID_NOT_SETTLE = the inference over { $records } records did not settle: shared equally
# Code SEVERAL_AT_ONCE.
CREDIT_SEVERAL_AT_ONCE = { $records } records had several people on duty who hold several dialogues at once: shared equally
# Code TOO_FEW_REPLIES.
CREDIT_TOO_FEW_REPLIES = { $records ->
    [one] { $records } record with times of its replies is too little
   *[other] { $records } records with times of their replies are too few a person
} to tell apart who hold several dialogues at once: shared equally among those on duty at each reply
# Code REPLIES_TOO_DENSE.
CREDIT_REPLIES_TOO_DENSE = { $records ->
    [one] { $records } record is
   *[other] { $records } records are
} of an account on which replies come so densely that their times alone do not tell people apart, and of fewer than a tenth of the replies something says whose they are: shared equally among those on duty at each reply
# Code EVIDENCE_UNEVEN.
CREDIT_EVIDENCE_UNEVEN = { $records ->
    [one] { $records } record says
   *[other] { $records } records say
} nothing of whose they are, on an account on which some name, claim or write at known devices far more of theirs than others, { $person } least: weighed by how much each leaves unsaid
    .equal = { $records ->
        [one] { $records } record says
       *[other] { $records } records say
    } nothing of whose they are, on an account on which some claim or write at known devices far more of theirs than others, { $person } least: shared equally, which is too little for { $person } if they work as much as the others
# Code CLOCK_WITHOUT_SECONDS.
CREDIT_CLOCK_WITHOUT_SECONDS = more than a tenth of the replies to { $records ->
    [one] { $records } record is
   *[other] { $records } records are
} on a full minute, so their clock is not to be trusted: shared equally among those on duty at each reply
# Code CLAIM_OFF_DUTY.
CREDIT_CLAIM_OFF_DUTY = { $person } claimed { $records ->
    [one] { $records } dialogue without being on duty: the claim does not count
   *[other] { $records } dialogues without being on duty: the claims do not count
}
# Code CLAIM_WITHOUT_RECORD.
CREDIT_CLAIM_WITHOUT_RECORD = { $person } claimed { $records ->
    [one] { $records } dialogue of which there is no record: the claim counts for nothing
   *[other] { $records } dialogues of which there is no record: the claims count for nothing
}
# Code CLAIMS_DIFFER.
CREDIT_CLAIMS_DIFFER = { $person } claimed { $record } at { $at }, and { $second } had claimed it at { $before }: neither claim decides{ $more ->
    [0] {""}
    [one] . So it is with { $more } more record of that day
   *[other] . So it is with { $more } more records of that day
}
    .tag = { $person } claimed { $record } at { $at }, and the platform named { $second } for it: the name counts{ $more ->
        [0] {""}
        [one] . So it is with { $more } more record of that day
       *[other] . So it is with { $more } more records of that day
    }
# Code DEVICE_OFF_DUTY.
CREDIT_DEVICE_OFF_DUTY = the device { $device } of { $person }, who was not on duty then, was used { $records ->
    [one] once
   *[other] { $records } times
}: it does not count
    .there = the device { $device } of { $person }, who was on duty for { $place } then, was used { $records ->
        [one] once
       *[other] { $records } times
    }: it does not count
    .elsewhere = the device { $device } of somebody who was never on duty here was used { $records ->
        [one] once
       *[other] { $records } times
    }: it does not count
# Code DEVICE_OF_SEVERAL.
DEVICE_BOUND_TO_SEVERAL = from { $from } on the device { $device } is of several people or seats at once: it is kept, and what is written on it then says nothing
    .ever = the device { $device } has been of several people or seats at once from the beginning: it is kept, and what is written on it then says nothing
# Code DEVICE_OF_SEVERAL.
CREDIT_DEVICE_OF_SEVERAL = the device { $device } is { $more ->
    [0] { $first }'s and { $second }'s at once
    [one] { $first }'s, { $second }'s and { $more } other's at once
   *[other] { $first }'s, { $second }'s and { $more } others' at once
}, and was used { $records ->
    [one] once
   *[other] { $records } times
}: it does not count
    .beyond = the device { $device } is { $person }'s and at the same time that of somebody who was never on duty here, and was used { $records ->
        [one] once
       *[other] { $records } times
    }: it does not count
    .unknown = the device { $device } is several people's at once, and was used { $records ->
        [one] once
       *[other] { $records } times
    }: it does not count
# A device that was used while it was nobody's, where others are somebody's, and what may be meant by it.
DEVICE_OF_NOBODY = { $devices ->
    [one] the device { $device }, which is bound to nobody, was used
   *[other] { $devices } devices that are bound to nobody, such as { $device }, were used
} { $records ->
    [one] once
   *[other] { $records } times
}: that tells only what the same hands wrote
    .near = the device { $device }, which is bound to nobody, was used { $records ->
        [one] once
       *[other] { $records } times
    }, and { $near }, which is bound, never: is that the one meant?
    .seat = the device { $device } of the seat { $seat } was used { $records ->
        [one] once
       *[other] { $records } times
    } while nobody was rostered on that seat: it was nobody's then
    .ended = the device { $device } was used { $records ->
        [one] once
       *[other] { $records } times
    } after { $to }, the last day of its binding: it was nobody's then
    .coming = the device { $device } was used { $records ->
        [one] once
       *[other] { $records } times
    } before { $from }, the first day of its binding: it was nobody's then
# Claims, devices and times of messages that the version of the policy of a month does not read.
EVIDENCE_NOT_READ = version { $version } of the policy reads no claims, devices or times of messages. For the month the account has: claims, { $claims }; records with times of messages, { $replies }; devices that records or messages name, { $devices }
# Code REPLY_OUTSIDE_RECORD.
CREDIT_REPLY_OUTSIDE_RECORD = { $records ->
    [one] { $records } reply was before its record began or after it ended: it counts for nothing
   *[other] { $records } replies were before their record began or after it ended: they count for nothing
}
# Hours of unbroken duty in which somebody did next to nothing while others worked: a break that nobody punched.
BREAKS_NOT_PUNCHED = { $days } working days of { $people ->
    [one] { $people } person
   *[other] { $people } people
} were one unbroken stretch of duty in which for two hours or more next to nothing was theirs while others worked. With breaks punched about { $breaks } of the records of the account would be expected to be credited to somebody else, instead of about { $now }
# Code CLOCKS_APART.
CREDIT_CLOCKS_APART = the messages of { $records ->
    [one] { $records } record
   *[other] { $records } records
} are by a clock that is { $minutes } min { $seconds } s ahead of that of the records: they are read that much earlier
    .behind = the messages of { $records ->
        [one] { $records } record
       *[other] { $records } records
    } are by a clock that is { $minutes } min { $seconds } s behind that of the records: they are read that much later
# Amounts in another currency than what is reckoned in were converted, and by what.
AMOUNTS_CONVERTED = amounts of { $records ->
    [one] { $records } record
   *[other] { $records } records
} were converted from { $from } to { $to }, each by the rate of its local day and rounded once: { $rates }{ $more ->
    [0] {""}
   *[other] {" "}and { $more } more
}
# Refunds that are together larger than the sale that they refer to: it counts below zero.
REFUND_EXCEEDS_SALE = more was paid back { $sales ->
    [one] of one sale than it brought, and it counts
   *[other] of { $sales } sales than they brought, and they count
} below zero: { $named }{ $more ->
    [0] {""}
   *[other] {" "}and { $more } more
}

# Out of a region into itself.
REGION_SAME = a transfer goes to another region than { $region }
# A cycle of something else than one month.
REPORT_NOT_A_MONTH = a report tells of one calendar month, and the cycle runs from { $from } to { $to }: make a cycle of a month
# No cell may leave.
NOTHING_TO_TELL = no unit may be told of: each has fewer than five people, or would tell of fewer by a difference
# Not prepared any more.
TRANSFER_NOT_PREPARED = the transfer is { $stage } already
# Not approved.
TRANSFER_NOT_APPROVED = the transfer waits for somebody else's approval
# Withdrawn or rejected.
TRANSFER_DROPPED = the transfer was { $stage }: prepare another one
# What was told cannot be taken back.
TRANSFER_RELEASED = the transfer was released already: what was told cannot be taken back
# Other transfers were released since it was prepared.
TRANSFER_STALE = another report about the month was released meanwhile, and both together would tell of fewer than five people: prepare it again
# Not a file of ours.
TRANSFER_MALFORMED = this is not the file that is expected here, or not all of it: send the whole file as ReleaseTransfer or ExportStandard gave it
# The signature is not that of the region it names.
TRANSFER_SIGNATURE_WRONG = the file is not signed by the stack of { $region }: it was altered, or its new public key is missing here
# No public key of the region.
REGION_KEY_UNKNOWN = no public key of { $region } is known here: put its performance.pub into the key folder as regions/{ $region }.pub
# A file of another group.
TRANSFER_OF_ANOTHER_GROUP = the file is of another group
# Taken in before.
TRANSFER_ALREADY_EXISTS = the file was taken in before
TRANSFER_KIND_EXPECTED = say what is to cross: a report or the directory

## Compensation

# Scores may still change.
CYCLE_NOT_PUBLISHED = scores may still change: publish the cycle first
    .report = the cycle is not published: reports tell what is final
    .correct = the cycle is not published, so there is nothing to correct: close it again, and it reads what counts now
# The cycle has no such version of its result, or none was known then.
RESULT_VERSION_UNKNOWN = the cycle has no such version of its result, or none was published by then: ask for its versions with ListCardVersions
# A version and an instant at once.
VERSION_TWICE = name a version or an instant, not both
# A correction of the same cycle with another reason or another version of the scheme.
CYCLE_CORRECTION_UNDERWAY = the correction { $cycle } of this cycle is not published, and says another reason or another version of the scheme: ask with what it says to work it out anew, publish it (PublishCycle), or throw it away (CancelCycle) and ask again
# Nothing is different, so there is nothing to publish.
CORRECTION_CHANGES_NOTHING = every card is as it was published, so there is nothing to publish: throw the correction away (CancelCycle); once something that the cycle rests on is put right, ask for it again
# No account, or too many.
ACCOUNTS_EXPECTED = name at least one account, and at most { $most }
# An account that a question names, and that is not there, or not the caller's to ask about.
ACCOUNT_UNKNOWN_HERE = there is no account { $account } that you may ask about: look the id up with ListAccounts
# A unit that a run of attribution names, and that is not there, or not within the unit that it is started for.
UNIT_UNKNOWN_HERE = there is no unit { $unit } within what the run is started for: look the id up with ListOrgUnits, or have the run started for a unit above
ACCOUNTS_OR_SCHEME = either accounts or a scheme, not both: leave one of them out
# Nobody has a score.
POOL_WITHOUT_PEOPLE = the pool has nobody to pay: the cycle holds no score card of the pool's unit
# A pool of a unit that is neither the unit of its cycle nor below it.
POOL_OUTSIDE_CYCLE = a pool belongs to the unit of its cycle or to one below it: name such a unit, or none for the unit of the cycle
# People with a score in the cycle of a unit who belong elsewhere.
PAY_OUTSIDE_UNIT = { $count } { $count ->
        [one] person has
       *[other] people have
    } a card in the cycle and did not belong to the pool's unit on the last day of the cycle: { $people }. A unit pays its own people: close the cycle with a population that leaves the others out
    .correction = { $count } { $count ->
        [one] person has
       *[other] people have
    } a card in the cycle and did not belong to the pool's unit on the last day of the cycle: { $people }. A unit pays its own people: correct the cycle first (CorrectCycle), then draft this correction again
# Less than nothing.
POOL_NEGATIVE = a pool cannot be less than nothing: give an amount of 0 or more; money cannot be taken back by a pool
# No score above zero.
ZERO_SCORES = no score is above zero, so there is no rule to split by: look at the cycle's cards first
# A part that nobody has a claim to; `part` counts from 0.
PART_WITHOUT_CLAIM = part { $place } of the pool goes to nobody: no score reaches a tier with a weight, or its floor; change the part's rule
# Not a draft any more.
SETTLEMENT_NOT_DRAFT = the settlement is { $stage }, not a draft
# Not approved, or not any more.
SETTLEMENT_NOT_APPROVED = the settlement is { $stage }; only an approved one can be posted
# Posted.
SETTLEMENT_POSTED = a posted settlement never changes: draft a correction of it, and the next settlement pays the difference
# Not posted, and corrections are of what is posted.
SETTLEMENT_NOT_POSTED = the settlement is { $stage }, and only a posted one is corrected: discard it and draft it again
# Another correction of the settlement is drafted.
PAY_CORRECTION_WAITS = correction { $correction } of the settlement waits for its approval: approve or withdraw that one first
# Nobody gets another amount.
NOTHING_TO_CORRECT = by the cards as they are now everybody gets what the settlement and its corrections gave: correct the cycle first, or there is nothing to put right
# Approved already, or thrown away.
PAY_CORRECTION_NOT_DRAFT = the correction is { $stage }, not a draft
# What waits at an instant, which is asked for as it is now.
DELTAS_WAIT_NOW = what waits is told as it is now: leave known_at out, or waiting_only
CORRECTION_REASON_MISSING = say why: each statement shows it
# A pool that would pay the same a second time.
POOL_THERE = the pool { $pool } of this cycle has the same name, amount and rule: settle that one, or give this one another name if there is as much money once more
# Another settlement of the pool is posted.
POOL_PAID = a settlement of pool { $pool } is posted already, and a pool is paid once: discard the others, and create another pool, of another name, if there is more money to pay
# Another settlement was posted, or a correction approved, since this one was drafted.
CARRY_MOVED = since this one was drafted another settlement was posted, or a correction approved, and moved the odd cents: draft it again
DELTA_SCORE = the score was put right from { $old } to { $new }
DELTA_AGAINST =
    { $by ->
        [fell] the own score was put right from { $old } to { $new }, but those of the others fell more, together from { $others_old } to { $others_new }: so the share of the pool grew
        [rose] the own score was put right from { $old } to { $new }, but those of the others rose more, together from { $others_old } to { $others_new }: so the share of the pool shrank
        [less] the own score was put right from { $old } to { $new }, and those of the others together from { $others_old } to { $others_new }: by the rule of the pool the share of it shrank all the same
       *[more] the own score was put right from { $old } to { $new }, and those of the others together from { $others_old } to { $others_new }: by the rule of the pool the share of it grew all the same
    }
DELTA_ADDED = a score of { $score } was added
DELTA_REMOVED = the score of { $score } was taken back
DELTA_OTHERS = the scores of others were put right, and the pool is split among all
POOL_WITHOUT_PARTS = at least one part is needed
SHARES_NOT_WHOLE = the shares sum to { $sum } millionths, not to exactly 1000000
PART_OF_NOTHING = a part of nothing: leave it out
PART_RULE_MISSING = say how this part is split: tiers, proportional or team_fund
PART_WITHOUT_TIERS = at least one tier is needed
TIERS_OUT_OF_ORDER = write the tiers best first, each with a lower min_score
TIERS_MIXED = give every tier a min_score, or every tier a quota
TIERS_WITHOUT_WEIGHT = all weights are zero, so nobody could get anything
TIER_WEIGHTS_OUT_OF_ORDER = a worse tier weighs more than a better one

# Statements.

STATEMENT_AMOUNT = { $paid } for a score of { $score }: { $than ->
    [less] { $difference } less than
    [same] the same as
   *[more] { $difference } more than
} the { $equal } that an equal split would have paid.
STATEMENT_WITHOUT_TIER = Part { $number } ({ $share } of the pool, { $part }), by tiers: the score reaches no tier, so { $amount }.
STATEMENT_TIER_WITHOUT_WEIGHT = Part { $number } ({ $share } of the pool, { $part }), by tiers: tier { $tier } has no weight, so { $amount }.
STATEMENT_NOT_ABOVE_FLOOR = Part { $number } ({ $share } of the pool, { $part }), in proportion to the score: it is not above { $floor }, so { $amount }.
STATEMENT_PART = Part { $number } ({ $share } of the pool, { $part }), { $claim } of { $sum } in all; { $major } × { $weight } / { $sum } = { $rounded }{ $carried }; so { $amount }.
STATEMENT_BY_TIER = by tiers: tier { $tier } weighs { $weight }
STATEMENT_ABOVE_FLOOR = in proportion to the score above { $floor }: { $points } points
STATEMENT_BY_SCORE = in proportion to the score: { $points } points
STATEMENT_EXACT = { $whole } exactly
STATEMENT_ROUNDED = { $whole } and { $fraction } of { $smallest }; { $came ->
    [yes] one of the { $units } odd units of { $smallest } came here
   *[no] none of the { $units } odd units of { $smallest } came here
}
STATEMENT_CARRIED = ; carried from before { $before }, carried on { $after }
## The bundle: what is said of files, rows and settings. A reason and its cure are two cells of rejected.csv

UNUSABLE = { $file }: { $problem }. { $cure }.
SEVERAL_PROBLEMS = { $problems }
REASON_ALSO = { $reason }; also { $column }: { $more }
AND_MORE_ROWS = { $count } more { $count ->
    [one] row of this file was rejected
   *[other] rows of this file were rejected
}
AND_MORE_ROWS_CURE = mend the rows above first: the others mostly fail for the same reasons
AND_MORE_FINDINGS = and more of the same kind
FIRST_REJECTED = line { $line }{ $column }: { $reason } ({ $cure })
FIRST_REJECTED_COLUMN = , column { $column }
EVERY_ROW_REJECTED = ; every row was rejected: { $first }
ROWS_REJECTED = { $count ->
    [one] ; { $count } row was rejected: { $first }
   *[other] ; { $count } rows were rejected, the first: { $first }
}
HINT_NEAR = ; is { $near } meant?
HINT_MEANT = {" "}(is { $near } meant?)
HINT_MEANT_AS = {" "}(is { $near } meant as { $column }?)
HINT_THERE_IS = {" "}(there is { $near })
NO_FOLDER = it cannot be read as a folder ({ $error })
NO_FOLDER_CURE = give the folder that holds people.csv, accounts.csv and records.csv
MISSING_FILE = it is missing from { $folder }{ $hints }
MISSING_FILE_CURE = add the file under exactly this name; docs/bundle.md describes every file
NOT_A_FILE = it is not a file
NOT_A_FILE_CURE = put a CSV or YAML file in its place
UNREADABLE = it cannot be read ({ $error })
UNREADABLE_CURE = check the file and its permissions
UNKNOWN_FILE = nothing reads this file{ $hint }
# Code EMPTY_FILE.
EMPTY_OPTIONAL_FILE = the file is empty and was passed over
THE_PERIOD = the period
PERIOD_BACKWARDS_CURE = swap --from and --to
PERIOD_HALF = one of its two ends is missing
PERIOD_HALF_CURE = give both --from and --to, or neither
PERIOD_OF_DAYS = the period has { $days } days, and at most { $most } are closed at once
PERIOD_OF_DAYS_CURE = close it in parts
TEAM_WITHOUT_PEOPLE = nobody in people.csv belongs to its team { $team }
BRANCH_WITHOUT_PEOPLE = nobody in people.csv belongs to this branch
TOO_LARGE_SETTINGS = it is larger than 1 MiB
TOO_LARGE_SETTINGS_CURE = settings are a page of text: check that the right file has this name
NOT_VALID_TEXT = it is not valid text
NOT_VALID_TEXT_CURE = save it as UTF-8
ZERO_BYTES = it holds zero bytes, which no CSV or YAML file has
ZERO_BYTES_CURE = export it again as CSV in UTF-8 (a spreadsheet file is not a CSV file)
UNKNOWN_ENCODING = its text is neither UTF-8, UTF-16 nor GBK (it looks like { $encoding })
BAD_YAML = it is not valid YAML: { $cause } (the parser says "{ $said }")
    .at = it is not valid YAML in line { $line }, column { $column }: { $cause } (the parser says "{ $said }")
YAML_KEY_TWICE = the key { $key } comes twice
    .lines = the key { $key } comes twice, in line { $first } and in line { $second }
YAML_TAB = a tab stands where only spaces may
YAML_NOT_CLOSED = a bracket, a brace or a quote that was opened is not closed
YAML_NO_VALUE = a value is expected there
YAML_BAD_START = no value begins with this sign: put the text into quotes
YAML_SIGN = a text that begins with &, * or ! is a reference or a tag: put it into quotes
YAML_ESCAPE = a backslash in double quotes begins a special character: double it, or take single quotes
YAML_STRUCTURE = a key, a colon or an indentation does not fit there
YAML_OTHER = it cannot be read there
BAD_YAML_CURE = mend the YAML there: two spaces for each level, a space after each colon
YAML_KEY_TWICE_CURE = leave the one that is meant and delete the other
YAML_NUMBER_TOO_LARGE = a number is too large to be read (the parser says: "{ $said }")
YAML_NUMBER_TOO_LARGE_CURE = write a smaller number
YAML_UNSEEN = line { $line } holds the character { $character }, which nobody sees
YAML_UNSEEN_CURE = delete that character, or type the line anew
INVALID_SETTINGS_CURE = correct these values; docs/bundle.md has examples

## The bundle: tables

EMPTY_FILE = it is empty
EMPTY_FILE_CURE = fill it: its first line is { $header }
NOT_CSV = it is not a CSV file with a header: { $why }
NOT_CSV_CURE = export it as CSV; its first line is { $header }
    .named = delete the line with `sep=`, or save the file again with one separator
NOT_CSV_NO_END = its first line has no end or a quote in it is not closed
NOT_CSV_NO_TEXT = its first line is not text
NOT_CSV_NO_COLUMN = its first line names none of the columns
    .named_not = its first line says `sep={ $named }`, and the header below it is separated by `{ $sign }`
    .named_not_tab = its first line says `sep={ $named }`, and the header below it is separated by tabs
CONVERTED_ENCODING = read as { $encoding } and converted to UTF-8
# Code CONVERTED_SEPARATOR.
SEPARATED_BY_TAB = columns are separated by a tab
# Code CONVERTED_SEPARATOR.
SEPARATED_BY_SIGN = columns are separated by the sign { $sign }
SEPARATED_BY_SEMICOLON = columns are separated by a semicolon
LINE_TOO_LONG = the line is longer than 1 MiB
LINE_TOO_LONG_CURE = check where its line end went
TOO_MANY_CELLS = it has { $cells } cells, the header has { $columns }
TOO_MANY_CELLS_CURE = put a cell with a comma or a quote in it into double quotes
NOT_TEXT_IN_ENCODING = it holds bytes that are not text in the file's encoding
UNSEEN_CHARACTER = it holds the character { $character }, which nobody sees
UNSEEN_CHARACTER_CURE = delete it: type the cell again, or clean the column in the program that exports it
OPEN_QUOTE = a quote in it opens a cell that is not closed in its place
OPEN_QUOTE_CURE = double quotes inside a cell, as in "5"" screen"
UNBALANCED_QUOTES = its quotes do not pair up in very many places, last seen on line { $line }
UNBALANCED_QUOTES_CURE = export it again as CSV: quotes inside a cell are doubled
COLUMN_TWICE = the column { $column } comes twice
    .names = the column { $column } comes twice, as “{ $one }” and as “{ $other }”
COLUMN_TWICE_CURE = keep one of them, or give the other another name
MISSING_COLUMNS = its header has no column { $columns }{ $hints }
MISSING_COLUMNS_CURE = add it; a whole header is { $header }
MISSING_KIND_CURE = add it; a whole header is { $header }; or write `punches: alternating` or `punches: first_last` into group.yaml
MISSING_COLUMN = no such column: taken as empty in every row
UNKNOWN_COLUMN = nothing reads this column{ $hint }
# Code DUPLICATE_ROW.
EQUAL_ROWS = equal rows were taken once ({ $count } left out)

## The bundle: cells

IT_IS_EMPTY = it is empty
IT_IS_EMPTY_CURE = fill it in
TOO_MANY_CHARACTERS = it is longer than { $most } characters
TOO_MANY_CHARACTERS_CURE = shorten it
TOO_MANY_MEASURES = the row has more than { $most } measures beside the known columns
TOO_MANY_MEASURES_CURE = leave columns out that nothing measures
NO_TIME_ZONE = '{ $text }' is no time zone
NO_TIME_ZONE_CURE = write an IANA name such as Asia/Shanghai
STANDS_FOR_NO_VALUE = '{ $text }' stands for no value
STANDS_FOR_NO_VALUE_CURE = write the id; where there is none, leave the row out
FORMULA_FAILED = '{ $text }' is what a spreadsheet shows where a formula failed, not a value
FORMULA_FAILED_CURE = mend the formula, or export the column from where it comes; leave the cell empty only where there is no value
NEITHER_YES_NOR_NO = '{ $text }' is neither yes nor no
NEITHER_YES_NOR_NO_CURE = write true, false, 1, 0, yes, no, 是 or 否, or leave it empty
NO_SMALL_COUNT = '{ $text }' is not a whole number from 1 to 1000
NO_SMALL_COUNT_CURE = write such a number
IT_IS_NEGATIVE = it is negative
IT_IS_NEGATIVE_CURE = write a number from 0, or leave it empty
NUMBER_ABOVE_RANGE = { $text } is too large
NUMBER_ABOVE_RANGE_CURE = write a number from 0 to { $most }, or leave it empty when it was not measured
NO_NUMBER = '{ $text }' is not a number
    .comma = '{ $text }' has a comma, and numbers have a point and no grouping where group.yaml has no `numbers`
    .exponent = '{ $text }' has an exponent, which numbers have not
NO_NUMBER_CURE = write digits with a point, such as 12.5, or leave it empty when it was not measured
    .needed = write digits with a point, such as 12.5, or take the row out
NEGATIVE_AMOUNT = the amount { $text } is negative
NEGATIVE_AMOUNT_CURE = write a refund as a row of its own with a negative amount that names in refers_to the external_id of the sale, or leave the cell empty
NO_AMOUNT = '{ $text }' is not an amount
NO_AMOUNT_CURE = write digits with a point, such as 1234.50, without a currency sign, or say in group.yaml how numbers are written: `numbers: {"{"}decimal: ".", grouping: ","{"}"}` where 1,234.50 is meant, `numbers: {"{"}decimal: ",", grouping: "."{"}"}` where 1.234,50 is
    .yaml = write digits with a point, such as 1234.50, without a currency sign and without grouping
AMOUNT_DECIMALS = { $text } has more decimals than { $currency } has ({ $digits })
    .told = { $text } has more decimals than { $currency } has ({ $digits }): group.yaml says that '{ $sign }' stands before decimals
AMOUNT_DECIMALS_CURE = round it to the smallest unit of the currency, or, where 1.234 is one thousand two hundred and thirty-four, say so in group.yaml: `numbers: {"{"}decimal: ",", grouping: "."{"}"}`
    .either = write { $whole } or { $decimal }, whichever is meant
    .round = round it to the smallest unit of the currency
    .whole = write { $whole } where that is meant, or round it to the smallest unit of the currency
HUGE_AMOUNT = the amount { $text } is too large
HUGE_AMOUNT_CURE = check the unit: it is the major unit
NO_DATE = '{ $text }' is not a date
NO_DATE_CURE = write year-month-day, such as 2026-03-02
NO_TIME = '{ $text }' is not a time
NO_TIME_CURE = write 2026-03-02 09:00:00, or with an offset 2026-03-02T09:00:00+08:00
TIME_BEYOND_RANGE = the time is out of range
TIME_BEYOND_RANGE_CURE = check the year
TIME_SKIPPED = { $time } did not exist in { $zone }: clocks went forward from { $before } to { $after }
TIME_SKIPPED_CURE = write the time with its offset, such as { $time }{ $offset }
THAT_ZONE = that zone
MAY_BE_GROUPED = '{ $text }' may be a decimal or a number with grouping
GROUPED_BY_SPACE = '{ $text }' has spaces between its digits
GROUPED_BY_SPACE_CURE = take them out, or say in group.yaml how numbers are written: `numbers: {"{"}decimal: ",", grouping: space{"}"}` where 1 234,50 is meant, `numbers: {"{"}decimal: ".", grouping: space{"}"}` where 1 234.50 is
MAY_BE_GROUPED_CURE = say in group.yaml how numbers are written, such as `numbers: {"{"}decimal: ",", grouping: "."{"}"}`
NOT_AS_GROUP_YAML = '{ $text }' is not written as group.yaml says numbers are
NOT_AS_GROUP_YAML_CURE = write '{ $decimal }' before decimals and no grouping, or correct `numbers` in group.yaml
    .grouped = write '{ $decimal }' before decimals and '{ $grouping }' between thousands, or correct `numbers` in group.yaml
    .spaced = write '{ $decimal }' before decimals and a space between thousands, or correct `numbers` in group.yaml

## The bundle: people, accounts, aliases

SHORTENED_NUMBER = { $text } is a number that a spreadsheet shortened to its first digits
EXPORT_AS_TEXT = export the column as text
EMPTY_SEGMENT = '{ $text }' has an empty segment
EMPTY_SEGMENT_CURE = write the path with single slashes, the branch first, such as East/Chat/Team 1
TOO_DEEP = it is { $depth } units deep
TOO_DEEP_CURE = name at most { $most } units, the branch first
EMPLOYMENT_BACKWARDS = the employment ends on { $left }, before it begins on { $hired }
EMPLOYMENT_BACKWARDS_CURE = correct the dates; left_on is the last day of work
NO_PEOPLE = it names no person{ $why }
NO_PEOPLE_CURE = add a row for each person
NAMES_DIFFER = lines { $lines } have the number { $number } and differ in the name
NAMES_DIFFER_CURE = give each person a number of their own, or write the name alike in all rows of the number
ZONES_DIFFER = lines { $lines } have the number { $number } and differ in the zone
ZONES_DIFFER_CURE = write the zone alike in all rows of the number: a person has one
EMPLOYMENTS_OVERLAP = lines { $lines } have the number { $number } and overlap: { $one } and { $other }
EMPLOYMENTS_OVERLAP_CURE = keep one row for each person, or give each employment its own days: left_on is its last one
DAYS = { $from } to { $to }
TWO_LINES = { $one } and { $other }
NO_END = no end
MOVED = { $before } until { $until }; { $after } from { $from }
NO_ACCOUNTS = it names no account{ $why }
NO_ACCOUNTS_CURE = add a row for each platform account
ACCOUNT_ROWS_DIFFER = the rows of this account differ in zone, team or exclusive
ACCOUNT_ROWS_DIFFER_CURE = write them alike in all its rows
PHASES_ON_ONE_DAY = two phases of this account begin on the same day
PHASES_ON_ONE_DAY_CURE = give each phase its own first day
SLASH_IN_NAME = '{ $text }' holds a slash
SLASH_IN_NAME_CURE = leave slashes out of platforms, stores and accounts
NO_EMPLOYMENT_KIND = '{ $text }' is no kind of employment
NO_EMPLOYMENT_KIND_CURE = write full_time, part_time, fixed_term, intern, agency, outsourced or freelance, or leave the cell empty
NO_CONTRIBUTORS = '{ $text }' names no contributors
    .role = '{ $text }' names no contributors: "{ $role }" is no role
    .twice = '{ $text }' names { $named } twice
    .many = '{ $text }' names more contributors than the { $max } that a record may have
NO_CONTRIBUTORS_CURE = write role=employee number, several with ; between, with the roles first_answer, closer and after_sales, such as first_answer=A001;closer=A007
    .twice = leave one of the two out: somebody has one part in a role, also where an alias of aliases.csv and the employee number mean the same person
    .many = leave some out, { $max } at most
POLICY_SPLIT = give a version, and first_answer, closer and after_sales in percent that sum to 100
NO_PHASE = '{ $text }' is no phase
NO_PHASE_CURE = write shared, mixed or named
CORRECT_THE_DATES = correct the dates
ALIAS_IS_A_NUMBER = { $alias } is the employee number of somebody else
ALIAS_IS_A_NUMBER_CURE = records with it would be read as that person: rename the alias
ALIAS_OF_TWO = { $alias } is two people at the same time
ALIAS_TWICE = several rows give { $alias } to the same person for days that overlap
ALIAS_OF_TWO_CURE = give each row its from and to dates, without overlap
DEVICE_OF_NOTHING = neither an employee number nor a seat says whose the device is
DEVICE_OF_BOTH = it is of somebody (employee_no) and of a seat
DEVICE_OF_BOTH_CURE = write the employee number or the seat, and leave the other empty
DEVICE_TWICE = several rows give { $device } to the same person or seat from the same day on, with different ends

## The bundle: whom and what a row means

NOT_IN_PEOPLE = { $number } is not in people.csv
NOT_IN_PEOPLE_CURE = add the person to people.csv, or correct the number
ROWS_OF_NUMBER_REJECTED = the rows of { $number } in people.csv were rejected
ROWS_OF_ACCOUNT_REJECTED = the rows of { $account } in accounts.csv were rejected
ROWS_OF_RECORD_REJECTED = the rows of the record { $record } of { $account } in records.csv were rejected
ROWS_OF_ALIAS_REJECTED = the rows of the alias { $alias } on { $platform } in aliases.csv were rejected
ROWS_REJECTED_CURE = mend them first: each is in rejected.csv with its cure
NAME_FOR_NUMBER = { $text } is a name, and a number is expected (is { $near } meant?)
NAME_FOR_NUMBER_CURE = write the employee number: aliases stand for one in the columns agent and contributors of records.csv alone
    .agent = write the employee number, or name the alias in aliases.csv
LOST_ZEROS = { $text } is not in people.csv (is { $near } meant?)
LOST_ZEROS_CURE = spreadsheets drop leading zeros: export the column as text
GROUPED_NUMBER = { $text } is not in people.csv (is { $near } meant?)
GROUPED_NUMBER_CURE = a spreadsheet grouped its digits: export the column as text
ONE_OF_TWO = { $one } or { $other }
SEVERAL_STORES = several stores have an account { $account }
SEVERAL_STORES_CURE = write it as platform/store/account
ACCOUNT_UNKNOWN_CURE = add the account to accounts.csv, or correct its name
UNKNOWN_AGENT = { $agent } is neither in people.csv nor an alias on { $platform }
ALIAS_NOT_THEN = the alias { $agent } on { $platform } does not cover { $day }
UNKNOWN_AGENT_CURE = add the person to people.csv or the alias to aliases.csv, or leave agent empty

## The bundle: records and duty

# Code NO_RECORDS.
NO_RECORD_USABLE = it holds no record that can be used{ $why }
# Code NO_RECORDS.
NO_RECORD_IN_PERIOD = no record begins from { $from } to { $to }{ $others }{ $why }
RECORDS_OUTSIDE = {" "}({ $count } lie outside it)
NO_RECORDS_CURE = give the dates that hold the records (--from and --to, or period in group.yaml), and mend rejected rows
OUTSIDE_PERIOD = { $count ->
    [one] { $count } record does
   *[other] { $count } records do
} not begin from { $from } to { $to } and { $count ->
    [one] was
   *[other] were
} left out (such as { $example })
OBSERVATIONS_OUTSIDE = { $count ->
    [one] { $count } observation is
   *[other] { $count } observations are
} not about days from { $from } to { $to } and { $count ->
    [one] counts
   *[other] count
} for nothing in that period (such as { $example })
NO_PERIOD = no record says which period is closed
NO_PERIOD_CURE = give its dates (--from and --to, or period in group.yaml)
# Rates of exchange in a bundle.
NO_RATE = "{ $text }" is no rate
NO_RATE_CURE = write digits with at most one point, such as 7.1234, at most { $places } of them after it and 18 in all
RATE_NOT_ABOVE_0 = a rate is above 0
RATE_NOT_ABOVE_0_CURE = write what one unit of the first currency is worth in the second
RATE_OF_ONE_CURRENCY = it is a rate of a currency and itself
RATE_OF_ONE_CURRENCY_CURE = write another currency in one of the two columns
RATES_CONTRADICT = several rows say what the same currencies are worth on the same day: { $rates }
# Who is in the month of a bundle.
POPULATION_WITHOUT_PEOPLE = population names nobody who is employed from { $from } to { $to }
POPULATION_WITHOUT_PEOPLE_CURE = write what people.csv says of those who are meant, or leave population out ({ $said })
POPULATION_COLUMN = { $column }: { $words }
POPULATION_OF_NOBODY = nobody of people.csv has the { $column } "{ $word }"{ $hint }
TOO_MANY_REPLIES = it has more than { $most } rows of messages
TOO_MANY_RECORDS = the period holds more than { $most } records
TOO_MANY_RECORDS_CURE = close branches or weeks one by one
SEVERAL_MONTHS = its records begin in { $count } months ({ $months })
SEVERAL_MONTHS_CURE = say which dates to close, such as --from { $from } --to { $to }
RECORD_BACKWARDS = it ends at { $end }, before it begins at { $start }
RECORD_BACKWARDS_CURE = correct the times, or swap the two columns
# Code DAMAGED_ID.
SHORTENED_ID_KEPT = in { $count ->
    [one] { $count } row
   *[other] { $count } rows
} a spreadsheet shortened the number to its first digits (such as { $example }): export it as text; taken as it is
# Code DAMAGED_ID.
SHORTENED_CUSTOMER = in { $count ->
    [one] { $count } row
   *[other] { $count } rows
} a spreadsheet shortened the number to its first digits (such as { $example }): export it as text; taken as empty
# Code DAMAGED_ID.
VALUE_LOST_EMPTY = { $count ->
    [one] { $count } cell holds
   *[other] { $count } cells hold
} what a spreadsheet shows in place of a value (such as { $example }): taken as empty
# Code DAMAGED_ID.
VALUE_LOST_KEPT = { $count ->
    [one] { $count } cell holds
   *[other] { $count } cells hold
} what a spreadsheet shows in place of a value (such as { $example }): taken as it is
# Code NO_VALUE.
NO_VALUE_TAKEN_AS_EMPTY = { $count ->
    [one] { $count } cell stands
   *[other] { $count } cells stand
} for no value (such as { $example }): taken as empty
# Code CLEANED_CELL.
UNSEEN_LEFT_OUT = { $count ->
    [one] { $count } cell holds
   *[other] { $count } cells hold
} characters that nobody sees: read without them (such as { $example })
# Code CLEANED_CELL.
DECIMAL_TAKEN_AS_WHOLE = { $count ->
    [one] { $count } whole number is
   *[other] { $count } whole numbers are
} written as a decimal: read without it (such as { $example })
# Code DAMAGED_ID.
ZEROS_APART = { $count ->
    [one] { $count } row has a number
   *[other] { $count } rows have numbers
} (such as { $example }) that other rows write with leading zeros: taken as another one; spreadsheets drop leading zeros, so export the column as text
# Code CONTRIBUTOR_UNKNOWN.
CONTRIBUTORS_NOBODY = { $count ->
    [one] { $count } contributor is
   *[other] { $count } contributors are
} neither in people.csv nor in aliases.csv on the day of the record (such as { $example }): the records count, and the others who contributed have the part; add the person to people.csv or the alias to aliases.csv, or correct the name, and close again
# Code LONG_RECORD.
LONG_RECORDS = { $count ->
    [one] { $count } record lasts
   *[other] { $count } records last
} { $hours } hours or longer (such as { $example }): its times may be those of a case that nobody closed
# Code REPLY_RECORD_UNKNOWN.
REPLY_WITHOUT_RECORD = { $account } has no record { $record } in records.csv{ $hint }
    .elsewhere = { $account } has no record { $record } in records.csv, but { $other } has
REPLY_WITHOUT_RECORD_CURE = add the record to records.csv (if its row could not be read, it is in rejected.csv), or correct the account or the id
# Code REPLIES_TOO_MANY.
REPLIES_ABOVE_MOST = the record { $record } of { $account } has { $count } messages: the first { $most } are taken, and the other { $rows }, from { $at } on, are not
# Code CLAIM_NAMES_BOTH.
CLAIM_OF_BOTH = it names the record { $record } and the customer { $customer }
CLAIM_OF_BOTH_CURE = keep one of them; with neither it is a claim of the next record on the account
REPLIES_ABOVE_MOST_CURE = export the record again: so many messages are those of several records under one id
# Code OUTSIDE_PERIOD.
REPLIES_OUTSIDE_PERIOD = { $count ->
    [one] { $count } message is
   *[other] { $count } messages are
} of records that do not begin from { $from } to { $to } and { $count ->
    [one] was
   *[other] were
} left out (such as { $example })
# Code OUTSIDE_PERIOD.
CLAIMS_OUTSIDE_PERIOD = { $count ->
    [one] { $count } claim was
   *[other] { $count } claims were
} not made from { $from } to { $to } and { $count ->
    [one] was
   *[other] were
} left out (such as { $example })
RECORD_TOO_LONG = it lasts { $days } days, from { $start } to { $end }
RECORD_TOO_LONG_CURE = correct the dates: no record lasts longer than { $most } days
NO_ROWS = it has a header and no row below it
NO_ROWS_CURE = export the records of the month again, with their rows
DUPLICATE_RECORD = this external id comes several times with the same content: taken once ({ $count } left out)
    .revised = this external id comes in several revisions: { $revision } counts ({ $count ->
        [one] { $count } row of an earlier one
       *[other] { $count } rows of earlier ones
    } left out)
DUPLICATE_ROW_REVISED = it comes in several revisions: { $revision } counts ({ $count ->
    [one] { $count } row of an earlier one
   *[other] { $count } rows of earlier ones
} left out)
REFUND_PAYS_NOTHING = the row refers to another record, so it is a refund, and its amount is not negative
REFUND_PAYS_NOTHING_CURE = write what was paid back with a minus, or leave refers_to empty
REVISED_TWICE = the row says a revision and a time of change
REVISED_TWICE_CURE = leave one of both empty
NO_CURRENCY = "{ $text }" is no currency
NO_CURRENCY_CURE = write a code of ISO 4217, such as JPY, or leave it empty for the group's currency
NO_REVISION = "{ $text }" is no revision
NO_REVISION_CURE = write a whole number from 0, or leave it empty
ID_TWICE_DIFFERENT = { $id } comes { $count } times in { $account } with different content
ID_TWICE_SAME = { $id } comes { $count } times in { $account } with the same content
ID_TWICE_CURE = keep the right row, or give each record its own external_id
ID_TWICE_SHORTENED_CURE = a spreadsheet shortened the ids to their first digits: export the column as text
SHIFT_BACKWARDS = the shift ends at { $end }, not after its start at { $start }
SHIFT_BACKWARDS_CURE = a night shift ends on the next day: write that date
# Code HOUR_TWICE.
SECOND_OF_TWO = clocks went back, and the end of { $count ->
    [one] { $count } row
   *[other] { $count } rows
} is the second time that they showed it: the first lies before the start (such as { $example })
    .reply = clocks went back, and the time of { $count ->
        [one] { $count } message
       *[other] { $count } messages
    } is the second time that they showed it: the first does not lie in the record (such as { $example })
# Code HOUR_TWICE.
FIRST_OF_TWO = clocks went back, and in { $count ->
    [one] { $count } row
   *[other] { $count } rows
} a time without an offset that they showed twice is the first of the two (such as { $example }): write the offset to say which is meant
LONG_SHIFT = the shift from { $start } to { $end } is not shorter than { $hours } hours
LONG_SHIFT_CURE = correct its times; if it is several shifts, write a row for each
SHIFT_ENDS_DIFFER = lines { $lines } are the same person's shift on the same account from { $start }, but end at different times ({ $one }, { $other })
SHIFT_SEATS_DIFFER = lines { $lines } are the same person's shift on the same account from { $start }, but at different seats
KEEP_THE_RIGHT_ROW = keep the row that is right
PUNCH_BOTH_WAYS = lines { $lines } are punches of { $number } in and out at one time, { $at }
HANDOVER_BOTH_WAYS = in lines { $lines } { $number } takes and releases { $account } at one time, { $at }
HANDOVERS_AT_ODDS = lines { $lines } are hand-overs of { $account } at one time, { $at }, that cannot all have been
# Code ODD_PUNCHES.
PUNCHES_ODD = an odd number of punches: { $count }; the last, at { $at }, has no partner ({ $night })
# Code SINGLE_PUNCH.
PUNCHES_SINGLE = a single punch, at { $at }, has no partner ({ $night })
PUNCHES_NIGHT = a night needs rosters.csv, or a cut_over of policy.yaml at an hour when nobody works
PUNCHES_BETWEEN = punches between the first and the last are left out: { $count }
# Code ODD_PUNCHES.
PUNCHES_ALONE = the punch at { $at } has no partner and makes no presence: add the missing one
# Code LONG_PRESENCE.
PUNCHES_LONG = a presence of more than 13 hours, from { $from } to { $to }: if it is rest between two nights, write kind or rosters.csv
# Code READ_AS_NIGHT.
PUNCHES_AS_NIGHTS = presences over the end of the working day: { $count } (the first from { $from } to { $to }); by working days the rest between them would be presence, and kind or rosters.csv would say it for certain
# Code DAY_OR_NIGHT.
PUNCHES_EITHER_WAY = the punches from { $from } to { $to } may be days or nights, since the first and the last have no partner: taken for days; kind or rosters.csv would say which
NEITHER_WORD = '{ $text }' is neither { $one } nor { $other }
NEITHER_WORD_CURE = write { $one } or { $other }
NO_SUBJECT_KIND = '{ $text }' is no kind of subject
NO_SUBJECT_KIND_CURE = write one of { $kinds }
UNIT_OF_NOBODY = { $unit } is no unit that somebody of people.csv or an account of accounts.csv belongs to{ $hint }
UNIT_OF_NOBODY_CURE = correct the path of the unit
STORE_UNKNOWN = no account of accounts.csv is of { $store }{ $hint }
STORE_UNKNOWN_CURE = write platform and store as in accounts.csv, with / between them
NEITHER_DAYS_NOR_TIME = it says neither on which days nor when
DAYS_AND_TIME = it says both on which days and when
DAYS_AND_TIME_CURE = leave from and to empty where it is about an instant, or at where it is about days
NEITHER_DAYS_NOR_TIME_CURE = fill in from (and to, for more than one day) or at, one of both
NO_KIND_OF_FINDING = no such kind of finding
NO_KIND_OF_FINDING_CURE = delete the file: only inputs/ of a result has it
NO_COUNT = it is no count
DELETE_THE_FILE = delete the file

## The bundle: settings. A sentence goes on from the name of the setting

SETTING = { $path } { $problem }
SETTING_WRONG = is wrong: { $reason }; { $cure }
SETTING_GROUPED = '{ $text }' has grouping, and numbers in YAML files have none, whatever `numbers` in group.yaml says about cells: write { $plain }
SETTING_GROUPED_OR_DECIMAL = '{ $text }' may be meant with grouping, and numbers in YAML files have none, whatever `numbers` in group.yaml says about cells: write { $plain }, or { $decimal } where that is meant
SETTING_MISSING = is missing
SETTING_NO_MAPPING = is not a mapping of keys to values
FILE_NO_MAPPING = the file is not a mapping of keys to values
SETTING_NO_TEXT = is not text
SETTING_TEXT_LENGTH = is empty or longer than 200 characters
SETTING_WITH_NUL = holds the character NUL (U+0000): take it out
SETTING_NOT_ONE_OF = is '{ $text }', not one of { $words }
SETTING_NO_DECIMAL = is '{ $text }', not a decimal of at most six places
SETTING_NOT_BETWEEN = is { $number }, not a number from { $least } to { $most }
SETTING_LOSSY_DECIMAL = is '{ $text }', not a decimal that survives: write it in quotes
SETTING_NO_WHOLE = is '{ $text }', not a whole number from { $least } to { $most }
SETTING_NO_LIST = is not a list
SETTING_PAIR_NO_TEXT = has a key that is not text
SETTING_NO_VALUE = has no value
SETTING_UNKNOWN_NEAR = is not a known key (is { $near } meant?)
SETTING_UNKNOWN = is not a known key (known are { $known })
SETTING_EMPTY = is empty
SETTING_NOT_ABOVE_0 = is not above 0
SETTING_BELOW_0 = is below 0
GROUP_CURRENCY = is not a code of three capital letters such as CNY
GROUP_CURRENCY_UNKNOWN = is { $code }, which is no active currency of ISO 4217: write one such as CNY
GROUP_PERIOD_BACKWARDS = is { $to }, before from, which is { $from }
GROUP_PERIOD_TOO_LONG = makes a period of { $days } days, and at most { $most } are closed at once: close it in parts
GROUP_REGION = puts { $branch } into the region { $region }: write 1 to 32 of a-z, 0-9 and -, such as cn-east
GROUP_SAME_SIGN = is the same sign as decimal
POLICY_CUT_OVER = is not a time from "00:00" to "11:59", in quotes
SCHEME_WEIGHTS = have weights that sum to { $sum }, not to 100
SCHEME_ID_TAKEN = is that of an earlier KPI
SCHEME_WEIGHT = is not above 0: leave the KPI out instead
SCHEME_CAP = is { $cap }, not above the floor { $floor }
SCHEME_RANGE = is more than { $most } above the floor { $floor }
SCHEME_SMALL_SAMPLE = has a meaning only for shares and means: leave it out
SCHEME_OF_RECORDS = has no meaning for the measure records
SCHEME_OF_UNDEFINED = names the measure "{ $measure }", which is not among measures{ $hint }
SCHEME_OF_MISSING = is missing: it names the column to measure
SCHEME_OF_RESOLVED = is a yes-or-no column, which has a share and neither sum nor mean
SCHEME_TEST_MISSING = is not complete: one of at_most and at_least says which records count
SCHEME_TEST_USELESS = is not complete: at_most and at_least have no meaning here
SCHEME_MEASURES_TEXT = { $kpi } measures { $column }, a column that holds text
    .cell = line { $line }: { $reason }
    .odd = { $kpi } measures { $column }, a column of text since { $count ->
        [one] one cell is no number
       *[other] { $count } cells are no numbers
    }: { $cells }
SCHEME_MEASURES_NOTHING = { $kpi } measures { $column }, which is no column of records.csv with values{ $hint }
SCHEME_MEASURES_CURE = name a column of numbers in records.csv
    .odd = correct the cells, or name a column of numbers in records.csv
SCHEME_MEASURES_UNCOMPUTED = { $path } (KPI { $kpi }) measures something that is not computed
MEASURE_UNKNOWN_CURE = measure the number of records, the share resolved, the share with first_reply_seconds at_most 30, the share with rating at_least 4, the sum of amount, the mean of an extra column, or anything else as a measure that the file defines under measures
POOL_CURRENCY = is { $currency }, but the group's amounts are in { $group }
POOL_BELOW_0 = is negative: write the money that there is to split, above 0
POOL_ZERO = is 0: leave the file out when there is nothing to split
POOL_SHARES = has shares that sum to { $sum }, not to 100
POOL_SHARE = is not above 0: leave the part out instead
POOL_TIERS_ELSEWHERE = has a meaning only with by: tiers
POOL_TIERS_MIXED = mix top_percent and at_least: use one of them in all tiers
POOL_TIERS_PERCENT = have top_percent that sum to { $sum }, not to 100
POOL_TIERS_RISE = have at_least that do not fall from tier to tier
POOL_TIERS_WEIGHTS_RISE = have a weight above that of a better tier: write the best tier first, each with at most the weight of the one before
POOL_TIERS_WEIGHTLESS = have only weights of 0
POOL_TIER_RULE = or at_least is needed, and only one of them
POOL_TIER_NAME_TAKEN = is that of an earlier tier
POOL_PERCENT_TOO_FINE = is { $percent }: write a percentage with at most four decimals
POOL_TIER_WEIGHT = is above 1000000
POOL_SHARE_TOO_FINE = { $percent } % has more than four decimals
POOL_SHARE_TOO_FINE_CURE = write shares and quotas with at most four decimals
OTHER_PERIOD = it is for { $from } to { $to }, but { $closed_from } to { $closed_to } is closed
OTHER_PERIOD_CURE = correct its period, or leave the period out
POOL_IN_EMPTY_PERIOD = it has money but nobody of people.csv is employed from { $from } to { $to }
POOL_WITHOUT_PEOPLE_CURE = correct hired_on and left_on, or leave the pool out
SAVE_FILE_AS_UTF_8 = save the file as UTF-8
JOINED = { $one }{ $other }

## The command line: what cannot be done

STEP_FAILED = step: { $step }
# Code NOBODY_CREDITED.
NOBODY_CREDITED_AT_ALL = nobody was on duty at any of its records, and none names its agent
    .people = { $rows ->
        [one] { $rows } row was rejected
       *[other] { $rows } rows were rejected
    }, and of the other people nobody was on duty at any record
    .duty = nobody was on duty at any of its records, and { $rows ->
        [one] { $rows } row of rosters, punches or hand-overs was rejected
       *[other] { $rows } rows of rosters, punches or hand-overs were rejected
    }
# Code NOBODY_CREDITED.
NOBODY_EMPLOYED = nobody is employed between { $from } and { $to }: { $people ->
    [one] { $people } person was read
   *[other] { $people } people were read
}, { $rejected ->
    [0] and no row was rejected
    [one] and { $rejected } row was rejected
   *[other] and { $rejected } rows were rejected
}
NOBODY_EMPLOYED_CURE = correct hired_on and left_on, or the period
# A bundle without a rate that is needed.
RECORD_RATE_MISSING_CURE = write the rate of that day or of an earlier one, with its source, into rates.csv (columns date, from, to, rate, source)
NOBODY_CREDITED_CURE = bring rosters.csv, punches.csv or handovers.csv of these days, or correct their accounts and times
    .rejected = mend those rows first: each is in rejected.csv with its cure
OUT_NOT_EMPTY = the result folder is not empty
OUT_IN_USE = another run is writing its result there
OUT_NOT_EMPTY_CURE = name another with --out, or remove it first
BUNDLE_NOT_EMPTY = the folder is not empty
BUNDLE_NOT_EMPTY_CURE = name another with --bundle, or remove it first
CLOSE_INTERRUPTED = you stopped it: nothing of it is left in { $folder }, and the same command begins anew
FINDINGS_ARE_IN = { $file } says what was noticed
REJECTED_ROWS_ARE_IN = { $file } names every rejected row
REJECTED_ROWS_UNWRITTEN = some rows were rejected, and { $file } could not be written
# Another process works on the SQLite store.
STORE_IN_USE = another tally process is at work on the data in { $folder }, and a SQLite store is for one at a time: stop that process, or name other data with --set database.url=sqlite://FOLDER/{"{"}service{"}"}.db
CURE_AND_REJECTED = { $cure }; { $file } names every rejected row
NOT_IN_MONTH = there is neither a record nor a person { $what } in this month: name an external_id of records.csv, such as { $record }, or an employee_no or name of people.csv, such as { $person }
NO_MANIFEST = it holds no manifest.json, so it is no result folder
MANIFEST_DOUBLE = it names the file { $file } twice
MANIFEST_ELSEWHERE = it names the file { $file }, which is no file of the folder
NO_MANIFEST_CURE = give a folder that tally close wrote (with --out)
BAD_MANIFEST = { $error }
RESTORE_FOLDER_CURE = restore the folder from where it was kept
SUITE_NAMES_ANOTHER_PERSON = the suite names a person { $id } whom the bundle does not hold: a fault of ours
SUITE_NAMES_ANOTHER_ACCOUNT = the suite names an account { $id } that the bundle does not hold: a fault of ours
SUITE_LISTS_LESS = the suite does not list what was just written: a fault of ours
CYCLE_WATCH_ENDED = the service stopped telling about the cycle before it was closed: do it again
RECORDS_DO_NOT_ADD_UP = { $sent ->
    [one] { $sent } record
   *[other] { $sent } records
} went in, the cycle counts { $counted } and { $told } came out: a fault of ours
CANNOT_MAKE_FOLDER = cannot make the folder { $folder }: { $error }
CANNOT_READ = cannot read { $file }: { $error }
CANNOT_WRITE = cannot write { $file }: { $error }

IO_NOT_FOUND = it is not there
IO_PERMISSION_DENIED = this user may not
IO_ALREADY_EXISTS = it is there already: name another one, or move it away first
IO_IS_A_FOLDER = it is a folder
IO_NOT_A_FOLDER = a part of the path is no folder
IO_FOLDER_NOT_EMPTY = the folder is not empty
IO_DISK_FULL = the disk is full
IO_READ_ONLY = the disk is read-only
IO_ADDRESS_IN_USE = another program listens there
IO_ADDRESS_NOT_HERE = this machine has no such address
IO_NOT_TEXT = it is no UTF-8 text
IO_NOBODY_LISTENS = nobody listens there
IO_NO_ANSWER = no answer came in time
IO_NO_WAY_THERE = no way leads there from this machine
IO_NO_SUCH_HOST = no host has this name
IO_FOLDER_CLOSED = its folder does not let it be written
TLS_SAYS = the TLS library says: { $cause }
SERVER_SAYS = it says: { $cause }
IO_OTHER = the system says: { $cause }
CURE_ALREADY_DIFFERENT = correct the row, if the suite is right; if the row is right, correct the fact in the suite: an import overwrites nothing
CURE_DIFFERENT_CONTENT = correct the row, if the suite is right, or give it a higher revision, if the row is right: an import overwrites nothing without one
CURE_REFERS_TO_NOTHING = import the record that it refers to first, or correct refers_to
CURE_PERSON_UNKNOWN = add the person to people.csv and import again
CURE_ACCOUNT_UNKNOWN = add the account to accounts.csv and import again
CURE_ALIAS_OVERLAP = let one meaning of the alias end (column to) before the other begins
CURE_PLACE_WRONG = correct the team in accounts.csv, or the region of its branch in group.yaml
CURE_OUT_OF_REACH = have somebody import the row whose rights reach its team, which may have moved to another branch, or take it out
CURE_RECORD_OUT_OF_REACH = have the row imported by whoever had the account's team on its day, or by the group
CURE_REPLY_RECORD_UNKNOWN = import the record with its messages, or have them imported by somebody who may bring in records of its day
CURE_CLAIM_WITHDRAWN = take the row out: it was taken back with a reason
CURE_ROWS_CONTRADICT = keep the row that is right, and import again
CURE_KEPT_BACK = correct first what this file says of that row, or have it imported by somebody whose rights reach it, then import again: this one comes in with it
CURE_PERIOD_PURGED = have data of these months kept longer first (SetRetention, 120 months at most), then import again, or take the row out
CURE_REFUSED_ROW = correct what is named, and import again: rows that are in count as there already
    .file = correct what is named, or take the row out

## Settings and arguments

SETTING_CANNOT_HOLD = setting { $key }: { $problem }
SETTING_SET_IN = { $problem } ({ $place })
SETTING_IN_FILE = set in the file { $file }
SETTING_IN_VARIABLE = set by the environment variable { $name }
SETTING_ON_COMMAND_LINE = set on the command line
SETTING_NOT_KNOWN = there is no such setting; at this place there are { $known }
SETTING_EXPECTED = it is { $found }, and { $expected } is expected
    .alone = { $expected } is expected
SETTINGS_NOT_TOML = the file is no TOML: see that each line is [SECTION] or KEY = VALUE
    .at = the file is no TOML from line { $line }, column { $column } on: see that each line is [SECTION] or KEY = VALUE, and texts stand in quotes
SETTING_FILE_MISSING = there is no file { $file }
SETTING_FILE_EMPTY = { $file } is empty
SETTING_SERVICE_UNKNOWN = there is no service { $name }; there are { $known }
SETTING_SERVICES_NONE = name at least one of { $known }
SETTING_PEER_MISSING = { $name } is not in this process (server.services): say where it is, https://host:port
SETTING_AT_LEAST_ONE = at least 1 is expected
SETTING_AT_MOST = at most { $most } is expected
SETTING_SERVICE_TWICE = { $name } is named twice: name each service once
SETTING_DATABASE_URL = sqlite://DIRECTORY/{"{"}service{"}"}.db or postgres://tally_{"{"}service{"}"}:PASSWORD@HOST/DATABASE is expected
SETTING_SERVICE_IN_URL = every service has a file of its own: write {"{"}service{"}"} into its name, sqlite://DIRECTORY/{"{"}service{"}"}.db, or sqlite:///DIRECTORY/{"{"}service{"}"}.db for a folder that begins with /
    .role = every service signs in as a role of its own: write tally_{"{"}service{"}"} as the role, postgres://tally_{"{"}service{"}"}:PASSWORD@HOST/DATABASE
SETTING_PEER_IN_CLEAR = { $address } is beyond the loopback: https://host:port is expected
# The gateway would listen beyond the loopback, and it speaks no TLS.
SETTING_HTTP_IN_CLEAR = { $ip } is beyond the loopback, and the gateway speaks no TLS: let it listen on the loopback behind a proxy that does, or set server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay where the network itself encrypts
# A proxy before the gateway is named by a text that is no network of addresses.
SETTING_NO_NETWORK = '{ $text }' is no network: write an address with the length of its prefix, such as 10.0.0.0/8
# A site whose pages may call the gateway is named by a text that no browser would send.
SETTING_NO_ORIGIN = '{ $text }' is no origin: write scheme and host in small letters without a path, such as https://hr.example, or * for all
SETTING_CERTIFICATE_AND_KEY = a certificate and its key go together: set both or neither
SETTING_LISTEN_IN_CLEAR = { $ip } is beyond the loopback: set server.tls_certificate and server.tls_key
SETTING_KEYS_GENERATED = { $ip } is beyond the loopback, where generated keys do not do: name a directory
SETTING_PASSPHRASE_TWICE = keys.passphrase is set as well: set one of them
SETTING_LOG_LEVELS = "{ $part }" is neither a level ({ $levels }) nor MODULE=LEVEL, such as tally_store=debug; several are separated by commas
SETTING_AUTHORITY_ALONE = it says who signs the certificates of callers, and this server speaks no TLS: set server.tls_certificate and server.tls_key as well
SETTING_NO_CERTIFICATE = the file { $file } holds no certificate that can be read: name a PEM file with -----BEGIN CERTIFICATE-----
SETTING_NO_PRIVATE_KEY = the file { $file } holds no private key that can be read: name a PEM file with -----BEGIN PRIVATE KEY-----, not an encrypted one
SETTING_KEY_OF_ANOTHER = the private key in { $file } does not belong to the certificate in { $certificate }: name the key that this certificate was made for
SETTING_CERTIFICATE_OVER = the certificate in { $file } is out of date: it was good until { $until }, and the clock of this machine says { $now }. Get a new one from whoever signed it; if the clock is wrong, put it right
    .early = the certificate in { $file } is not good yet: it begins at { $from }, and the clock of this machine says { $now }. If the clock is wrong, put it right; else wait, or name the certificate before it
SETTING_CERTIFICATE_OF_ANOTHER = the certificate in { $file } is not signed by the authority in { $authority }, by which this process and the services it calls (peers) know each other: name the authority that signed it, or a certificate that this one signed
SETTING_REDIS_URL = redis://HOST:PORT is expected, or rediss://HOST:PORT for TLS; a password stands before the host, redis://:PASSWORD@HOST:PORT
SETTING_ENDPOINT = the address of a collector is expected, such as http://127.0.0.1:4317
SAMPLE_NEEDS_ALL = --sample needs all services in one process, and { $name } is not named
EXPECT_ADDRESS = an address and a port, such as 127.0.0.1:7070,
EXPECT_ONE_OF = one of { $words }
EXPECT_WHOLE_NUMBER = a whole number
    .to = a whole number from 0 to { $most }
EXPECT_TRUE_OR_FALSE = true or false
EXPECT_TEXT = a text
EXPECT_LIST = a list, such as ["a", "b"] or a,b,
EXPECT_OTHER = another kind of value
EXPECT_UUID = a UUID
EXPECT_DATE = a date, such as 2026-03-31
EXPECT_INSTANT = an instant with its offset, such as 2026-03-31T09:00:00+08:00
EXPECT_FROM_TO = { $from } to { $to }
ARG_VALUE_WRONG = { $arg }: '{ $value }' does not do; expected: { $expected }
ARG_WITHOUT_VALUE = { $arg } needs a value
ARG_VALUES_WRONG = { $arg }: another number of values is expected
ARG_UNKNOWN = there is no argument { $arg }
    .near = there is no argument { $arg }; is { $near } meant?
COMMAND_UNKNOWN = there is no command { $name }
    .near = there is no command { $name }; is { $near } meant?
COMMAND_MISSING = name a command: { $known }
ARG_MISSING = missing: { $arg }
ARG_CONFLICT = { $arg } does not go together with { $other }
ARG_NOT_TEXT = an argument is no UTF-8 text
ARG_USAGE = type: { $usage } (--help tells more)

## The command line: pages

SHOW_NOT_DONE = Not done
SHOW_NOT_DONE_STEP = { $step }: { $why }
SHOW_REST_IS_THERE = Everything before it is in the result folder; once the cause is mended, the same command with another --out does the rest too.
RUNG_TAG = named by the platform
RUNG_HANDOVER = held the account by hand-over
RUNG_SOLE = alone on duty
RUNG_INFERRED = inferred from who was busy when
RUNG_EQUAL = shared equally by those on duty
RUNG_SPLIT = shared by contributors
RUNG_CLAIM = claimed with a click
RUNG_DEVICE = by the device
RUNG_REPLIES = weighed by the times of replies
RUNG_TAG_SHARE = weighed by names nearby
RUNG_TEAM = shared by the team, nothing else known
RUNG_UNATTRIBUTED = credited to nobody
STEP_DUTY = people, accounts, duty
STEP_RECORDS = records
STEP_REPLIES = messages of the records
STEP_CLAIMS = the claims
STEP_RATES = the rates of exchange
STEP_OBSERVATIONS = the observations
STEP_CYCLE = attribution and scores
STEP_PUBLISH = publishing
STEP_SETTLEMENT = settlement
STEP_CREDITS = credits
STEP_TOTALS = totals
STEP_CARDS = score cards
STEP_STATEMENTS = statements
STEP_FINDINGS = findings
STEP_INPUTS = inputs
PROGRESS_READING = reading
PROGRESS_MAKING = making a month
PROGRESS_COUNTING = counting
PROGRESS_ROWS = rows
KIND_MISSING_PUNCH = an in without its out, or the other way round
KIND_UNCOVERED_SHIFT = rostered, and punched on that day at other times only: the shift does not count
KIND_BARELY_COVERED_SHIFT = rostered, and punched on that day for another shift: no more than the edge of this one counts
KIND_HELD_BY_OTHERS = rostered, and only others held the account by hand-over: the shift does not count
KIND_NOT_EMPLOYED = a shift, a punch or a hold of somebody who is not employed then
KIND_DOUBLE_IN = punched in twice: the second one counts
KIND_OVERLAP = several people held one account at once
KIND_MISSING_RELEASE = took an account over and never gave it back
KIND_RELEASE_WITHOUT_TAKE = gave back an account without having it
KIND_UNHELD_ACCOUNT = nobody was on duty for an account, or for some of its records
KIND_NO_DUTY_EVIDENCE = no roster, punch or hand-over: the whole team counts as on duty
KIND_NOT_SETTLED = the pool could not be split
KIND_ODD_PUNCHES = an odd number of punches in a day: the last has no partner
KIND_SINGLE_PUNCH = a single punch in a day has no partner
KIND_PUNCHES_BETWEEN = punches between the first and the last of a day were left out
KIND_LONG_PRESENCE = a presence of more than 13 hours from punches without a direction
KIND_READ_AS_NIGHT = punches without a direction that were taken for nights
KIND_DAY_OR_NIGHT = punches without a direction that may be days or nights: taken for days
KIND_TAG_OFF_DUTY = a record names somebody who was off duty; the name counts
KIND_NAMED_WITHOUT_AGENT = a named account's record names nobody
KIND_MIXED_WITHOUT_TAG = a mixed account's records without a name
KIND_TOO_FEW_TO_INFER = too few records to infer from: shared equally
KIND_SEVERAL_AT_ONCE = several dialogues at once tell people apart too little: shared equally
KIND_TOO_FEW_REPLIES = too few replies a person to tell people apart: shared equally
KIND_REPLIES_TOO_DENSE = replies come too densely to tell people apart by their times: shared equally
KIND_EVIDENCE_UNEVEN = some say of far more than others that it is theirs: weighed by what each leaves unsaid
KIND_CLOCK_WITHOUT_SECONDS = the clock of the replies has no seconds: shared equally
KIND_CLAIM_OFF_DUTY = a claim of somebody who was not on duty does not count
KIND_CLAIM_WITHOUT_RECORD = a claim of a dialogue that never came
KIND_CLAIMS_DIFFER = several people claim one record, or another is named
KIND_DEVICE_OFF_DUTY = a device of somebody who was not on duty does not count
KIND_DEVICE_OF_SEVERAL = a device of several people at once does not count
KIND_DEVICE_OF_NOBODY = a device was used while it was nobody's: misspelt, of a seat without a roster, or bound for other days
KIND_EVIDENCE_NOT_READ = claims, devices or times of messages that the version of the policy does not read
KIND_REPLY_OUTSIDE_RECORD = replies before their record or after it count for nothing
KIND_BREAKS_NOT_PUNCHED = hours of unbroken duty without any work: breaks that nobody punched
KIND_CLOCKS_APART = messages by a clock minutes apart from that of their records, read by the latter
KIND_DID_NOT_SETTLE = the inference did not settle: shared equally
KIND_CONTRIBUTOR_UNKNOWN = a record names a contributor who is unknown
KIND_CONTRIBUTOR_OFF_DUTY = a record names a contributor who was off duty; the name counts
KIND_CONTRIBUTORS_NOT_SPLIT = records name contributors, and the policy does not split them
KIND_UNKNOWN_AGENT = a record names somebody unknown
KIND_AMOUNTS_CONVERTED = amounts were converted from another currency
KIND_CONVERTED_ENCODING = a file was GBK or UTF-16 and was converted
KIND_CONVERTED_SEPARATOR = columns were separated by tabs or semicolons
KIND_MISSING_COLUMN = a column is missing: nothing of it is measured
KIND_UNKNOWN_COLUMN = nobody reads this column; perhaps misspelt
KIND_UNKNOWN_FILE = nobody reads this file; perhaps misspelt
KIND_EMPTY_FILE = an optional file is empty
KIND_DUPLICATE_RECORD = the same record several times: taken once
KIND_DUPLICATE_ROW = the same row several times: taken once
KIND_OUTSIDE_PERIOD = records outside the period were left out with their messages, and claims made outside of it, or observations outside of it count for nothing
KIND_DAMAGED_ID = ids, customers or other values that a spreadsheet may have damaged
KIND_HOUR_TWICE = clocks went back: an hour came twice
KIND_NO_VALUE = cells that stand for no value were taken as empty
KIND_CLEANED_CELL = cells were read without unseen characters or a decimal that an export added
KIND_LONG_RECORD = records last a day or longer
KIND_REPLIES_TOO_MANY = a record has more messages than one has
KIND_POPULATION_OF_NOBODY = the population names a position or a grade that nobody has
KIND_TRANSFER = somebody goes on in another unit, position or grade
KIND_REHIRE = somebody left and came back
KIND_TEAM_WITHOUT_PEOPLE = an account's team has no people
KIND_BRANCH_WITHOUT_PEOPLE = a branch has no people
KIND_MEASURE_NOT_SENT = nobody has data of a measure: its indicator counts for nobody
KIND_OBSERVATIONS_BEYOND_PERIOD = observations reach beyond the period: they count for nothing
KIND_OBSERVATIONS_UNREAD = no indicator reads the measure of observations; perhaps misspelt
KIND_REFUND_EXCEEDS_SALE = refunds are larger than their sale
SHOW_HEADLINE = { $group }, { $from } to { $to }
SHOW_SIZE = { $records ->
    [one] { $records } service record
   *[other] { $records } service records
} on { $accounts ->
    [one] { $accounts } account
   *[other] { $accounts } accounts
}, { $people ->
    [one] { $people } person
   *[other] { $people } people
}
SHOW_REJECTED = { $count ->
    [one] { $count } row was rejected: rejected.csv says why and what to change
   *[other] { $count } rows were rejected: rejected.csv says which, why, and what to change
}
SHOW_NOT_SPLIT = The pool was not split
SHOW_SCORES_KEPT = Credits, score cards and findings are complete; correct this and close the month again.
SHOW_NO_POOL = No pool, no settlement
SHOW_NO_POOL_HINT = Put a pool.yaml into the bundle to turn the scores into money.
SHOW_POOL = The pool
SHOW_AMOUNT = amount
SHOW_TO_PEOPLE = to { $people ->
    [one] { $people } person
   *[other] { $people } people
}
SHOW_TO_FUND = to the team fund
SHOW_THREE_STATEMENTS = Three statements, to the cent
SHOW_BESIDE_EQUAL = An equal split would have paid everybody about { $equal }: { $more } people get more than that (up to +{ $most }), { $less } get less (down to { $least }).
SHOW_STATEMENT_HEAD = { $name } { $number }: { $total }  (equal split: { $equal })
SHOW_WORTH_A_LOOK = Worth a look (findings.csv has each one)
SHOW_TIMINGS = How long it took, and the digest
SHOW_SECONDS = { $step } { $seconds } s
SHOW_IN_ALL = { $total } s in all: { $longest }
SHOW_SAME_DIGEST = the same files give it on any day and machine
SHOW_WHO_SERVED = Who served what, and how sure we are
SHOW_CERTAIN = { $certain } rest on a name or a single person; { $rest ->
    [one] { $rest } record is credited to nobody, with its reason.
   *[other] { $rest } records are credited to nobody, each with its reason.
}
SHOW_BUSIEST = The busiest shared accounts (90 % intervals)
SHOW_WORTH = What more evidence would bring
SHOW_WORTH_SAID = Records that are expected to be credited to somebody else than served them, now and with more evidence: expected, not promised. evidence.csv has all accounts.
SHOW_COLUMN_NOW = now
SHOW_COLUMN_BREAKS = breaks punched
SHOW_COLUMN_DEVICES = devices on 30 %
SHOW_COLUMN_CLAIMS = half claimed
SHOW_COLUMN_RECORDS = records
SHOW_COLUMN_INTERVAL = 90 % interval
SHOW_COLUMN_CERTAIN = certain
SHOW_COLUMN_ACCOUNT = account
SHOW_OTHERS = { $others ->
    [one] { $others } other
   *[other] { $others } others
}
SHOW_SCORES = { $people ->
    [one] Score of { $people } person
   *[other] Scores of { $people } people
} ({ $scheme })
SHOW_OUTSIDE = { $people ->
    [one] { $people } person outside of the population has
   *[other] { $people } people outside of the population have
} no card and no pay here; credited to them: { $records } records
SHOW_COLUMN_PLACE = #
SHOW_COLUMN_WHO = who
SHOW_COLUMN_TEAM = team
SHOW_COLUMN_CREDITED = credited
SHOW_COLUMN_SCORE = score
SHOW_COLUMN_COLLABORATION = collaboration
SHOW_CARD = { $name } { $number }: { $score } points, place { $rank } of { $of }
SHOW_COLLABORATION = Collaboration: { $outside } of { $credited } records outside the own roster or team add { $points } points.
SHOW_RECORD = Record { $id } on { $account }
SHOW_EVIDENCE = Evidence: { $evidence } (policy { $version })
SHOW_NOTHING_CREDITED = No record of the month is credited to this person.
SHOW_ALL_ACCOUNTS = all
SHOW_SCORE_STEPS = The score, step by step
SHOW_STATEMENT = The statement
SHOW_RECORDS_BEHIND = Records behind it: { $shown } of { $all } (credits.csv has all)
DEMO_TRUTH = How far from the truth (the demo knows it)
DEMO_RIGHT = right, record by record
DEMO_WRONG = wrong over the month
DEMO_EQUALLY = each record split equally among the team
DEMO_AS_TALLY = as Tally credits them
DEMO_TRUTH_SAID = On the { $records } records that no platform named: how much of a record reaches who served it, and how much of the month's work stands under another name once mistakes have cancelled out.
DEMO_INTERVALS = { $holding } of the { $totals } intervals of people on these accounts hold the truth.
DEMO_RUNGS_SAID = Which evidence brings that, step by step of the ladder:
DEMO_RUNG_RECORDS = records
DEMO_RUNG_EQUALLY = right if split equally
DEMO_RUNG_TALLY = right as credited
DEMO_RUNG_GAIN = part of the gain
DEMO_SKILLS = What the month showed about skills and cover
DEMO_LATE = the evidence is still on its way
DEMO_PROFILE = { $name } { $number }: served { $accounts } ({ $platforms }); collaboration { $points }
DEMO_STANDARD = { $scheme } (the group's standard)
DEMO_USER_BRANCH_HR = closes the month of { $branch }; sees no other branch
DEMO_BRANCHES = Each branch closes its own month
DEMO_BRANCHES_SAID = From the same attribution, each by its own refinement of the group's standard, which lets a branch weigh an indicator up to { $within } points more or less. Ranks are among the branch.
DEMO_COLUMN_BRANCH = branch
DEMO_COLUMN_FAVOURS = weighs more
DEMO_COLUMN_PEOPLE = people
DEMO_COLUMN_CREDITED = of the records
DEMO_COLUMN_FIRST = first
DEMO_COLUMN_SCORE = score
DEMO_COLUMN_IN_GROUP = rank in the group
DEMO_MANAGERS = { $people ->
    [one] Card of { $people } person who serves nobody
   *[other] Cards of { $people } people who serve nobody themselves
}
DEMO_MANAGERS_SAID = Of what their teams had, each team as of each day, in percent.
DEMO_MANAGERS_SCHEME = Managers
DEMO_RIGHT_HEADING = { $branch } is put right after it was published and paid
DEMO_RIGHT_PAID = { $amount } was paid to { $people ->
    [one] { $people } person
   *[other] { $people } people
}.
DEMO_RIGHT_RATINGS = Then the platform sends { $ratings ->
    [one] { $ratings } rating of { $account } anew, lowered to 1
   *[other] { $ratings } ratings of { $account } anew, each lowered to 1
}. { $cycles ->
    [one] { $cycles } cycle rests
   *[other] { $cycles } cycles rest
} on them; what was published and posted stays as it is.
DEMO_RIGHT_REASON = Buyers changed their ratings afterwards
DEMO_RIGHT_CARDS = The correction gives { $people ->
    [one] { $people } person a new version of the card
   *[other] { $people } people a new version of their card
}.
DEMO_RIGHT_DELTAS = { $people ->
    [one] { $people } person gets another amount
   *[other] { $people } people get another amount
}: { $more } more and { $less } less, with the branch's next settlement. The largest differences:
DEMO_RIGHT_CARD = What { $name } reads:
DEMO_COLUMN_WHO = who
DEMO_COLUMN_PAID = was paid
DEMO_COLUMN_RIGHT = is right
DEMO_COLUMN_DELTA = difference
DEMO_NEXT = What next
DEMO_OWN_MONTH = your own month; docs/bundle.md says what goes into the folder
DEMO_AGAIN = this month again, with files to look at
DEMO_COPY = write this month as files, to copy from
DEMO_WHY = why one person or record came out so
DEMO_REPLAY = recompute it and compare every byte
DEMO_CONSOLE = Open http://{ $address } in a browser; Ctrl-C ends it
DEMO_FIRST = What to look at first: { $agent } sees an agent's month and pay, { $supervisor } who held an account when, hr1 closes a month, payroll, approver and payer pay it, auditor sees everything.
DEMO_GRPC = gRPC: http://{ $address }
DEMO_PASSWORD = One password for everybody, made up for this run: { $password }
DEMO_TOKEN = A token: { $command }
DEMO_HTTP = REST, with JSON: http://{ $address }/openapi.json says what there is
DEMO_CLOCK = The group's clock stood on the day after its month while it was closed, and runs on from there. Nothing is kept.
DEMO_USER_ADMIN = lays out the group and gives roles; sees nobody's score or pay
DEMO_USER_HR = people, duty, cycles; sees nobody's pay
DEMO_USER_PAYROLL = pools and settlements; cannot approve its own
DEMO_USER_APPROVER = approves what somebody else prepared
DEMO_USER_PAYER = posts what two others prepared and approved
DEMO_USER_AUDITOR = reads everything, changes nothing
REPLAY_VERSION = { $what }: the result was computed with { $then }, this is { $now }
REPLAY_TZDB = time zone database
REPLAY_IDENTICAL = identical: { $files } files, digest { $digest }
REPLAY_NOT_COVERED = not compared, since the inputs do not hold what they were made from: { $files }
REPLAY_ALTERED = altered: { $what }
REPLAY_DIFFERENT = different: { $file }, line { $line }
REPLAY_MISSING = missing from the folder: { $file }
REPLAY_INPUT_CHANGED = inputs/{ $file }: its content was changed
REPLAY_INPUT_MISSING = inputs/{ $file }: it is missing or cannot be read
REPLAY_INPUT_ADDED = inputs/{ $file }: it was added
REPLAY_IN_FOLDER = in the folder: { $line }
REPLAY_RECOMPUTED = recomputed:    { $line }
REPLAY_ENDS = (the file ends before this line)

## Replaying over the rpcs

REPLAY_ACCOUNT_FIGURES = the figures of the account are not what its credits come to
REPLAY_ADJUSTMENTS_OTHER = what is paid or held back of corrections is something else
REPLAY_AMOUNT_OTHER = another score or another amount
REPLAY_CREDITED = { $records } records credited
REPLAY_DIGEST_OTHER = the digest of the cycle is not that of its inputs and results
REPLAY_FIGURES = { $records } records, { $unattributed } of them credited to nobody; { $credited } credited to people of the cycle; { $people } cards
REPLAY_FIGURES_OTHER = the figures of the cycle are not what its credits and cards come to
REPLAY_LINE_OTHER = the steps that lead to the amount are others
REPLAY_NOT_DERIVED = it is stored, and nothing leads to it
REPLAY_NOT_STORED = it follows from the inputs, and is not stored
REPLAY_REASON_OTHER = the same people and shares, with another reason
REPLAY_STATEMENT = { $amount } by a score of { $score }
    .alone = nothing of the pool
    .adjusted = { $line }, and { $adjusted } of corrections
REPLAY_SUMS = { $pool } in all: { $paid } to people, { $funds } to funds; { $adjusted } of corrections; { $people } statements
REPLAY_SUMS_OTHER = the sums of the settlement are not those of its statements
REPLAY_SUM_OTHER = what the shares add up to, measure by measure, is something else
REPLAY_UNREADABLE = what is stored cannot be read: it is not what was written

## The command line: help. HELP_ and the name of a command, its arguments by name; HELP_SHARED has what several take alike

PAGE_USAGE = Usage:{" "}
PAGE_COMMANDS = Commands:
PAGE_ARGUMENTS = Arguments:
PAGE_OPTIONS = Options:
PAGE_DEFAULT = {" "}[default:{"\u00A0"}{ $value }]
PAGE_VALUES = {" "}[possible values:{"\u00A0"}{ $values }]
PAGE_ENV = {" "}[env:{"\u00A0"}{ $name }]
HELP_SHARED =
    .help = Print help
    .version = Print version
    .bundle = Folder with people.csv, accounts.csv, records.csv and what else there is (docs/bundle.md)
    .from = First day of the period, such as 2026-03-01, together with --to; by default the period of group.yaml, else the month that holds all records
    .to = Last day of the period, such as 2026-03-31, which belongs to it
    .lang = Language of sentences, and of names in `tally demo`; may stand before the command as well; by default that of the environment (LC_ALL, LC_MESSAGES, LANG)
    .plain-csv = CSV for programs: without the byte order mark, and without the apostrophe before cells that begin like a formula, which spreadsheets need
    .json = Print the summary as JSON and nothing else
    .server = Where the suite listens, such as https://tally.example:7070; by default client.server of the settings, else where `tally login` signed in last, else http://127.0.0.1:7070
    .ca = File of the authority that signs the server's certificate (PEM); by default those that this machine trusts
    .client-cert = File of the certificate chain to show to a server that wants one (PEM), together with --client-key
    .client-key = File of the private key of --client-cert (PEM)
    .token-file = File that holds a token, or - for the standard input; by default the one that `tally login` remembers, else the standard input
    .config = Settings file (TOML)
    .set = Set one key, such as database.url=postgres://..; may be repeated
    .dump-config = Print the settings in force, secrets masked, and stop
HELP_TALLY = Who did which work, what was it worth, what does it pay, and why
HELP_HELP = Print this page, or that of a command
HELP_DEMO = Show the main job on a made-up group: a month of records becomes statements, on SQLite in a temporary folder
    .once = Stop after the summary instead of serving the group
    .seed = Number that the group is made from: another one makes another group
    .records = About how many service records the month has, 1 to 5,000,000; below 100 it has 100
    .bundle = New or empty folder to write the month's files into, to copy from
    .listen = Address and port to serve on after the summary
    .http = Address and port of REST after the summary
HELP_CLOSE = Do the main job on your own files: a month of records becomes score cards and statements
    .out = Folder of the result: a new or an empty one
    .explain = Explain one record (external_id) or one person (employee number or name) afterwards
    .database = Work in PostgreSQL instead of SQLite in a temporary folder: the owner's URL of an empty database
HELP_IMPORT = Bring a month's files into a running suite, and say what is there before and after
    .out = Folder for report.json, findings.csv, rejected.csv and refused.csv
    .accept-damaged = Write rows also where a spreadsheet shortened ids or customers: the suite keeps them so for good
    .json = Print the report as JSON and nothing else
HELP_REPLAY = Recompute a result folder from its own inputs, and say whether it comes out the same, and which files this does not cover
    .dir = Result folder, as `tally close` wrote it
    .json = Print the verdict as JSON and nothing else
HELP_SERVE = Run one, some or all services
    .services = Which services, separated by commas, such as identity,attendance; by default those of the settings, which are all
    .listen = Address and port to listen on; by default that of the settings, 127.0.0.1:7070
    .http = Address and port of the gateway, if this process has it; by default that of the settings, 127.0.0.1:8080
    .sample = Begin with the made-up group of `tally demo` on an empty store
HELP_INIT = Make the group and its first administrator on an empty store
    .name = The group's name
    .currency = The group's currency (ISO 4217)
    .zone = The group's time zone (IANA)
    .regions = The group's regions, separated by commas, such as cn-east,cn-south
    .tenant-id = The group's id, chosen beforehand or that of another region's stack; when the store holds this very group, nothing is changed and that is no failure
    .login = Sign-in name of the first administrator
    .password-file = File that holds the administrator's password (at least 12 characters); without it the password is the first line of the standard input
    .invitation-file = File that holds what `tally invite` printed, where the store holds another group already
HELP_INVITE = Print an invitation to make one more group in a store that holds one (PostgreSQL)
    .tenant-id = The group's id, where a stack of another region made the group before; a new group by default
    .days = For how many days it is good, at most 30
HELP_MIGRATE = Bring the database up to date (PostgreSQL: with the owner's URL)
HELP_LOGIN = Trade a password, the first line of the standard input, for a token that the commands that follow use
    .login = Sign-in name
    .code = The six digits of your authenticator, or a recovery code, where you have a second factor
    .new-password = The password was given to you for one sign-in: the second line of the standard input is your new one
HELP_USER = Give people and programs a way in
HELP_USER_CREATE = Make a login with one role, in the whole group or on a unit
    .login = Sign-in name
    .role = The role, such as group_hr, or branch_hr with --unit
    .unit = The unit, such as East, with all below it where the role goes so far; the whole group by default
    .password-file = File that holds the first password (at least 12 characters), or - for the standard input
HELP_USER_GRANT = Give a login one more role, or the one that it lacks
    .login = Sign-in name
    .role = The role, such as group_hr or auditor
    .unit = The unit, such as East/Chat, with all below it where the role goes so far; the whole group by default
HELP_TENANT = Take a whole group's data along
HELP_TENANT_EXPORT = Write all that every service holds of the group into a folder, a file of JSON lines for each table
    .out = The folder; must not exist
    .quiet = Show no progress
HELP_PERSON = Take out what is held about a person
HELP_PERSON_EXPORT = Write all that every service holds about a person into one JSON file
    .person = The person: the employee number, or the id (UUID)
    .out = The file; must not exist
HELP_RETENTION = Look after how long data are kept
HELP_RETENTION_RUN = Remove from every service what the group's retention schedule says is over
HELP_AUDIT = Look into the audit log
HELP_AUDIT_VERIFY = Recompute the chain of every service, look for the entry of every row, and name what is wrong
    .heads = Folder of signed heads that the logs must pass through; by default that of the settings
HELP_AUDIT_SEARCH = Say who saw or changed what about a person, what a principal did, or what was done to a thing; newest first
    .person = About this person (UUID)
    .principal = By this principal (UUID), or on its behalf
    .subject = Done to this thing, such as statement:0199..
    .from = Not before this instant (RFC 3339), such as 2026-03-01T00:00:00+08:00
    .to = Before this instant (RFC 3339)
    .json = Print a JSON object a line
HELP_SCHEME = Take a standard of the group out of one stack and into another, and begin with a scheme that is there
HELP_SCHEME_EXPORT = Print the signed file of a scheme of the group, all its versions
    .name = Its name
    .from = The region that it leaves, where the stack serves several
HELP_SCHEME_IMPORT = Take in a file that the stack of another region exported
    .file = The file
HELP_SCHEME_TEMPLATE = Print a scheme to begin with as scheme.yaml, or say which there are
    .name = Name of the scheme; without it all are listed
    .out = File to write it to, which must not be there yet
HELP_ACCESS = Say who may do what, for a review
HELP_ACCESS_REVIEW = Say as CSV who holds a permission, by which grant, delegation or emergency, since when, and from whom; newest grant first
    .permission = The permission, such as compensation.statement.read_pay for reading pay
HELP_KEYS = Look after the keys: those that sign tokens, and those of what is sealed in the database
HELP_KEYS_MAKE = Make the key folder with all its files, for the secrets of a cluster; what is there stays as it is
HELP_KEYS_PROTECT = Encrypt seal.key under a passphrase, or change the passphrase
    .new-passphrase-file = File that holds the new passphrase (at least 12 characters); without it the passphrase is the first line of the standard input
HELP_KEYS_ROTATE = Make new keys while the services work, and seal everything with them; goes on where an earlier run was stopped
    .what =
        Which keys; master and data by default
        file: only add a master key to seal.key, to hand the file out before anything is wrapped with it
        master: the master key in seal.key; quick, nothing is sealed anew
        data: the data keys; every sealed row is sealed anew
HELP_KEYS_ROTATE_SIGNING = Give a service a new key to sign tokens with; running processes take it up by themselves within a minute
    .service = The service, such as identity

## The command line: what was done

CANNOT_MAKE_TEMPORARY = cannot make a temporary folder: { $error }
CANNOT_REPLACE = cannot replace { $file }: { $error }
# A file that the command needs cannot be made.
CANNOT_CREATE = cannot create { $file }: { $error }
CANNOT_WRITE_TO = cannot write to { $folder }: { $error }
OUTPUT_LOST = not all of the output could be written: { $error }
CANNOT_START = cannot start: { $error }
CANNOT_LISTEN = cannot listen on { $address }; name another with { $flag }, or stop after the summary with --once: { $error }
NOT_OF_TALLY = { $file } is not what tally writes, from line { $line }, column { $column } on
SAMPLE_SKIPPED = the store holds a group already: --sample leaves it as it is
# The address of the gateway, after that of the services.
SERVING_HTTP = the gateway is at http://{ $address }, what it offers at http://{ $address }/openapi.json
SAMPLE_FILLED = Filled with the sample group. One password for everybody, shown this once: { $password }
SERVING = serving { $services } on { $scheme }://{ $address }
NO_GROUP_YET = there is no group in this store yet, so nobody can sign in: stop this process, type `tally init --name "My group"` with the same settings, and start it again
    .beside = there is no group in this store yet, so nobody can sign in: type `tally init --name "My group"` with the same settings beside this process
REGION_OF_NO_GROUP = server.regions names { $region }, and no group of this store has that region (there are { $known }): this process serves no row of any other region; correct server.regions, or leave it empty to serve all
REDIS_AWAY = Redis does not answer at { $at } (redis.url). Everything works without it: until it is back each process counts calls by itself, and consumers look for events every few seconds instead of being woken
FILE_SWITCH = { $switch }: { $why }
ASK_PASSWORD_TWELVE = password (at least 12 characters, shown as you type):{" "}
ASK_PASSWORD = password (shown as you type):{" "}
ASK_NEW_PASSWORD = new password (at least 12 characters):{" "}
ASK_NEW_PASSPHRASE = new passphrase (shown as you type):{" "}
NO_PASSWORD_GIVEN = no password on the standard input: type one, or pipe it in
# A setting on the command line without its value.
SET_EXPECTED = --set { $pair }: expected KEY=VALUE
SUBJECT_EXPECTED = --subject: expected KIND:ID, such as statement:0199..
GROUP_DIFFERS = the group { $id } was made in this store before, and differs from what was typed ({ $differences }): nothing is changed. Type what it is, or choose another store
GROUP_DIFFERENCE = { $what } { $there } and not { $typed }
GROUP_WAS_MADE = the group { $id } was made in this store before: nothing is changed
GROUP_MADE = made the group { $name } ({ $id }) with the administrator { $login }
GROUP_NEXT = next: tally serve, then tally login { $login }
OWNER_URL_MISSING = the schemas of PostgreSQL are made by their owner: set it (TALLY_DATABASE_OWNER_URL) to the owner's URL, postgres://OWNER:PASSWORD@HOST/DATABASE
OWNER_URL_ALONE = it is SQLite while database.owner_url is set: set it (TALLY_DATABASE_URL) to the URL that the services sign in with, or leave database.owner_url out
MIGRATED = { $service }: { $ran }
UP_TO_DATE = up to date
AUDIT_VERIFIED = { $service }: { $entries } entries, { $rows } rows, { $heads } exported heads: { $verdict }
AUDIT_INTACT = intact
AUDIT_ON_BEHALF = {" "}on behalf of { $id }
AUDIT_FAULT = { $table } of { $stream }: { $place } { $defect }
AUDIT_PLACE = entry { $at }
    .unnumbered = an unnumbered entry
    .named = { $place } ({ $id })
    .row = row { $row }
    .row-of = row { $row } (entry { $id })
    .line = line { $row }
AUDIT_DEFECT = is not what the service wrote
    .chain = does not follow from the entry before it (inserted, replaced or moved)
    .missing = is missing
    .truncated = is missing, and all after it up to the signed head
    .beyond = lies beyond the signed head
    .head = is the head, whose signature is missing or not the service's
    .unnumbered = has waited for a position longer than five seconds: is a sequencer running?
    .forked = is not the entry whose head was exported: the log before it was replaced
    .older = is missing, although a head beyond it was exported: an older log was put back
    .exported = is no head of this service, or goes back behind an earlier line
    .unaccounted = has no audit entry: no unit of work wrote it
    .borrowed = or one beside it borrowed its audit entry, which wrote fewer rows than name it
AUDIT_FAULTS = { $count ->
    [one] { $count } fault
   *[other] { $count } faults
}
AUDIT_FOUND = { $count ->
    [one] { $count } entry
   *[other] { $count } entries
}
REVIEW_FOUND = { $count ->
    [one] { $count } way to hold { $permission }
   *[other] { $count } ways to hold { $permission }
}
INVITE_ONE_GROUP = it names SQLite files, which hold one group, so nobody can be invited; several groups need PostgreSQL (TALLY_DATABASE_URL=postgres://...)
INVITED = lets in the group { $tenant } for { $days } days: hand it to InitTenant or `tally init --invitation-file`
KEYS_MADE = { $folder } holds seal.key and the signing keys of every service: back it up
PASSPHRASE_TOO_SHORT = the new passphrase is too short: at least { $least } characters
KEYS_PROTECTED = { $file } is protected by the new passphrase
KEYS_PROTECTED_NEXT = next: set TALLY_KEYS_PASSPHRASE or TALLY_KEYS_PASSPHRASE_FILE for every service, and back the file up
KEYS_WRAPPED = { $service }: { $count } data keys wrapped with the newest master key
KEYS_STOPPED = stopped; nothing is lost: the same command goes on where this one was
MASTER_KEY_ADDED = master key { $id } is in { $file }: back the file up
MASTER_KEY_KEPT = { $count } data keys are under an older master key: no other is added until they are not
KEYS_STEP = { $service }: { $table }.{ $column }, { $rows } rows
KEYS_REPLACED = { $service }: { $keys } data keys replaced, { $rows } rows sealed anew ({ $speed } rows/s)
KEYS_REPLACED_RESUMED = { $service }: { $keys } data keys of an earlier run replaced, { $rows } rows sealed anew ({ $speed } rows/s)
# A service that is none was named.
NO_SUCH_SERVICE = no service is called { $service }: name one of { $services }
SIGNING_KEY_ROTATED = { $service }: the new key signs from { $from }; the old one is good for what it signed
PERSON_EXPORTED = written to { $file }; { $withheld ->
    [one] { $withheld } row
   *[other] { $withheld } rows
} withheld that you may not read
    .untold = written to { $file }; { $withheld ->
        [one] { $withheld } row
       *[other] { $withheld } rows
    } withheld that you may not read; nothing told by { $services }: either nothing is held there about the person, or only rows of units and days that you do not reach. Somebody who reads people of the whole group gets all of it
PERSON_EXPORTED_BEYOND = there are more rows about the person in { $services }, of units and days that you do not reach. Somebody who reads people of the whole group gets all of it
GROUP_EXPORTED = { $rows } rows written to { $folder }; { $withheld } withheld that you may not read
RETENTION_TAKEN = { $service }: { $rows } rows of { $table } ({ $kind })
RETENTION_DONE = { $rows ->
    [one] { $rows } row removed
   *[other] { $rows } rows removed
}
INPUT_NOT_READ = the standard input was not looked at: --token-file - takes a token from there
USER_CREATED = { $login } can sign in, with the role { $role }
USER_ROLE_UNKNOWN = there is no role { $role } that can be given in the whole group or on a unit; no login was made. There are: { $roles }
    .grant = there is no role { $role }. There are: { $roles }
USER_ROLE_WITHOUT_UNIT = the role { $role } is not given on a unit: leave --unit out
USER_ROLE_OF_A_UNIT = the role { $role } is given on a unit: name it with --unit
USER_UNIT_UNKNOWN = there is no unit { $unit }{ $hint }
USER_GRANTED = { $login } has the role { $role }
    .already = { $login } has the role { $role } there already: nothing was changed
USER_WITHOUT_ROLE = the login { $login } was made, but the role { $role } was not given: give it with tally user grant { $login } { $role }{ $on }
IMPORT_INTERRUPTED = you stopped it
IMPORT_CURRENCY = its amounts are in { $said }, and those of the group in { $is }
IMPORT_CURRENCY_CURE = give the amounts in { $is }, and write currency: { $is }
IMPORT_BRANCH_REGION = it places the branch { $branch } in the region { $said }, and the suite has it in { $is }
IMPORT_BRANCH_REGION_CURE = write { $is } for { $branch } under branches:, or give the branch another name
IMPORT_NO_REGION = it names no region for { $branches }, so they would lie in { $default }, a region that the group does not have
IMPORT_NO_REGION_CURE = write where each of them lies (the group has { $known }), such as branches: {"{"}"{ $branch }": { $region }{"}"}
IMPORT_REGIONS = it places branches in regions that the group does not have: { $unknown }
IMPORT_REGIONS_CURE = name for every branch one of { $known } under branches: in group.yaml, or add the region to the group

## Console

UI_LANGUAGE_NAME = English
UI_SKIP = Go to the content
UI_SCREENS = Screens
UI_WAY_HERE = Where you are
UI_HOME = Home
UI_GREETING = Welcome, { $name }
UI_LANGUAGE = Language
UI_THEME = Colours
UI_THEME_AUTO = As the system
UI_THEME_LIGHT = Light
UI_THEME_DARK = Dark
UI_DENSITY = Rows
UI_DENSITY_COMPACT = Compact
UI_DENSITY_TOUCH = For touch
UI_ZONE = Time zone, such as Asia/Shanghai
UI_KEEP_CHOICES = Apply
UI_SIGN_IN = Sign in
UI_SIGN_OUT = Sign out
UI_LOGIN = Sign-in name
UI_PASSWORD = Password
UI_CODE = Code
UI_CODE_HINT = The six digits that your authenticator shows, or a recovery code.
UI_NEW_PASSWORD = New password
UI_NEW_PASSWORD_HINT = This password was for one sign-in. At least 12 characters; four words that do not belong together are good.
UI_SESSION_OVER = Your session is over. Sign in to go on; nothing that you sent is lost.
UI_SIGNED_IN_AGAIN = You are signed in again
UI_SEND_AGAIN_SAID = What you sent before is still here, and was not carried out.
UI_SEND_AGAIN = Send it now
UI_TO_HOME = To the first page
UI_TRY_AGAIN = Try again
UI_FOR_SUPPORT = For support:
UI_NOT_FOUND = Nothing here
UI_NOT_ALLOWED = Not for you
UI_NOT_NOW = Not possible just now
UI_REFUSED = That did not work
UI_OPTIONAL = (optional)
UI_PUT_RIGHT = Please put these right:
UI_SAVE = Save
UI_CANCEL = Cancel
UI_REMOVE = Remove
UI_YES = Yes
UI_NO = No
UI_SEARCH = Search
UI_ALL = all
UI_GROUP_BY = Group by
UI_NOT_GROUPED = Not grouped
UI_GROUPED_BY = By { $column }
UI_COLUMNS = Columns
UI_SHOW = Show
UI_SHOW_ALL = Show all
UI_PAGES = Pages
UI_PREVIOUS = Previous
UI_NEXT = Next
UI_PAGE_OF = { $page } of { $pages }
UI_ROWS = { $count ->
    [one] 1 row
   *[other] { $count } rows
}
UI_ROWS_OF = { $count } of { $total } rows
UI_EXPORT = Download CSV
UI_NOTHING_FITS = Nothing fits what you asked for.
# There is nothing at an address of the console.
UI_NOTHING_THERE = Nothing is here yet.
UI_NOTHING_TO_DRAW = There is nothing to draw.
UI_LOADING = Loading …
UI_AS_OF = As of
UI_NAME = Name
UI_EMPLOYEE_NO = Employee number
UI_UNIT = Unit
UI_POSITION = Position
UI_GRADE = Grade
UI_REGION = Region
UI_SINCE = Since
UI_STATE = State
UI_SHARE = Share
UI_AMOUNT = Amount
UI_DAY = Day
UI_REASON = Reason
UI_REASON_HINT = Whoever looks at this later reads it.
UI_SURE = Yes, I am sure
UI_NO_PEOPLE = Nobody is employed on this day where you may look.
UI_GALLERY = Components
NAV_MINE = Mine
NAV_TEAM = Team
NAV_BRANCH = Branch and group
NAV_PAY = Pay
NAV_AUDIT = Audit
NAV_PLATFORM = Platform
NAV_PEOPLE = People
# A form was sent from a page of another site.
FORM_OF_ANOTHER_SITE = this was sent by another site: open the page here and send it from there
# A form was sent from a page of an earlier session.
FORM_OUTDATED = this page is of an earlier session: load it again and send it once more

## Console: access

NAV_WHY = Why may somebody
NAV_REVIEW = Access review
NAV_GRANTS = Grants
NAV_LOGINS = Logins
NAV_ROLES = Roles
NAV_DELEGATIONS = Delegations
NAV_EMERGENCIES = Emergencies
NAV_KEYS = API keys
NAV_PROVIDERS = Sign-on providers
NAV_ACCOUNT = My account
UI_KIND = Kind
UI_PERSON = Person
UI_WHO = Who
UI_ROLE = Role
UI_ROLES = Roles
UI_REACH = Reaches
UI_DAYS = Days
UI_CONDITION = Only
UI_GIVEN_BY = Given by
UI_GIVEN_AT = Given at
UI_HOLDS_TODAY = Holds today
UI_HOLDS = Holds
UI_OVER = Over
UI_FIRST_DAY = First day
UI_LAST_DAY = Last day
UI_UNTIL_WHEN = Until
UI_PERMISSION = Permission
UI_PERMISSIONS = Permissions
UI_PERMISSIONS_HINT = Names with commas between, such as attendance.roster.write. They are on the page of each role.
UI_WHAT_FOR = What for
UI_NEW_LOGIN = New login
UI_LOGIN_HINT = What the person types to sign in; nobody else in this installation may have it.
UI_PASSWORD_HINT = At least 12 characters; four words that do not belong together are good.
UI_LOGIN_OF = Empty for a login of nobody in particular.
UI_RESET_PASSWORD = New password for { $name }
UI_RESET_NOW = Make a one-time password
UI_RESET_SAID = All sessions of this login end. The password is shown once, holds for one sign-in, and must be replaced there.
UI_FACTOR_LOST = The second factor is lost: take it away too
UI_ONE_TIME_PASSWORD = One-time password
UI_ONE_TIME_SAID = Hand this over in person; it is good until { $until }, for one sign-in, and is not shown again.
UI_ONCE_SAID = This is shown once. Put it where only the program reads it.
UI_WRITTEN_DOWN = I have it
UI_NEW_GRANT = Give a role
UI_GRANT_SAID = Who gives a role must hold all of it where it is given. It holds within a second.
UI_UNIT_OF_REACH = For the kinds that name a unit.
UI_REGION_OF_REACH = For the kind that names a region, such as cn-north.
UI_WITH_FACTOR = With a second factor
UI_ONLY_WITH_FACTOR = Only in sessions with a second factor
UI_ONLY_AT_HOURS = Only at these hours
UI_HOURS_HINT = Such as 08:00-20:00; empty for always.
UI_REVOKE_GRANT = Take the role away
UI_REVOKE_SAID = { $name } loses the role { $role } ({ $reach }) within a second.
UI_NEW_ROLE = New role
UI_ROLE_READY = Part of the program
UI_ROLE_OWN = Of the group
UI_ROLE_READY_SAID = This role is part of the program and cannot be changed. Define one of your own where it does not fit.
UI_ROLE_NAME_HINT = 2 to 64 small letters, digits and _.
UI_NOBODY_HOLDS = Nobody holds this permission.
UI_MYSELF = Myself
UI_WHOLE_GROUP = The whole group
UI_ASK = Ask
UI_ALLOWED = Allowed
UI_NOT_ALLOWED_NOW = Not allowed
UI_ROLES_THAT_GIVE = Roles that would give it:
UI_WHO_COULD_GIVE = Who could give it:
UI_DELEGATOR = From
UI_DELEGATE = To
UI_DELEGATE_NOW = Delegate
UI_DELEGATIONS_SAID = A delegation lends some of your own permissions until a moment. It reaches what you reach, and never more.
UI_TYPED_AT = At { $zone }.
UI_TO_REVIEW = To be reviewed
UI_REVIEWED = Reviewed
UI_NO_EMERGENCIES = Nobody has declared an emergency.
UI_OPEN_EMERGENCY = Declare an emergency
UI_EMERGENCIES_SAID = An emergency opens permissions for at most an hour. It is reported, and somebody else reviews it.
UI_EMERGENCY_OF = Emergency of { $name }
UI_END_EMERGENCY = End it now
UI_REVIEW_NOW = Review
UI_WHAT_WAS_FOUND = What was found
UI_TICKET = Ticket
UI_REASON_TWENTY = At least 20 characters; the reviewer reads it.
UI_FOR_HOW_LONG = For how long
UI_MINUTES = { $count } minutes
UI_SERVICE_ACCOUNT = Account
UI_NEW_SERVICE_ACCOUNT = New account for a program
UI_SERVICE_ACCOUNT_SAID = A program has an account of its own, with roles like a person's and keys in place of a password.
UI_NEW_KEY = New key
UI_API_KEY = API key
UI_KEYS_SAID = Programs trade a key for a token that is good for ten minutes. A key can be limited to some permissions of its account.
UI_KEY_PERMISSIONS_HINT = Names with commas between; empty for all that the account holds.
UI_KEY_YEAR = At most 366 days away.
UI_NO_KEY = No key yet
UI_ALL_OF_ACCOUNT = All of the account
UI_LAST_USED = Last used
UI_REVOKE_KEY = Revoke the key
UI_REVOKE_KEY_SAID = The program that has the key can no longer sign in. This cannot be undone.
UI_NO_PROVIDERS = Nobody else signs your people in.
UI_NEW_PROVIDER = Add or change a provider
UI_PROVIDERS_SAID = Register the address of this console with { $path } behind it at the provider, as where people are sent back to.
UI_ISSUER = Issuer
UI_CLIENT_ID = Client id
UI_CLIENT_SECRET = Client secret
UI_CLIENT_SECRET_HINT = Empty for a client without a secret. It is never shown again.
UI_CLAIM = Claim of the sign-in name
UI_CLAIM_HINT = Such as email, which is taken only when verified.
UI_REDIRECT = Address to come back to
UI_PROVIDER_NAME_HINT = What people choose it by: 2 to 50 small letters, digits and -.
UI_PROVIDER_REGION_HINT = The region whose people may use it, or * for everybody.
UI_SSO = Sign in with your organisation
UI_SSO_PROVIDER = Name of the provider
UI_SSO_SAID = You are led to the provider of your organisation, which asks you to sign in there.
UI_GO_ON = Go on
UI_SESSIONS = Sessions
UI_THIS_ONE = This one
UI_END_SESSION = End
UI_END_ALL_SESSIONS = Sign out everywhere
UI_CHANGE_PASSWORD = Change the password
UI_CHANGE_PASSWORD_SAID = Your other sessions end.
UI_ADD_FACTOR = Add a second factor
UI_REMOVE_FACTOR = Remove the second factor
UI_FACTOR_SAID = Open your authenticator and add this key, then type the six digits that it shows.
UI_FACTOR_SECRET = Key
UI_FACTOR_OPEN = Open in an authenticator on this device
UI_CODE_OF_NEW = The six digits that the authenticator shows now.
UI_CONFIRM = Confirm
UI_RECOVERY_CODE = Recovery code
UI_RECOVERY_SAID = Each of these stands in for a code once, on the day the authenticator is lost. They are not shown again.
WORD_SCOPE_KIND_SELF = Themselves
WORD_SCOPE_KIND_REPORTS = Their reports
WORD_SCOPE_KIND_UNIT = One unit
WORD_SCOPE_KIND_SUBTREE = A unit and all below
WORD_SCOPE_KIND_LEGAL_ENTITY = A legal entity
WORD_SCOPE_KIND_REGION = A region
WORD_SCOPE_KIND_TENANT = The whole group
WORD_ROLE_AGENT = Agent
WORD_ROLE_SUPERVISOR = Supervisor
WORD_ROLE_BRANCH_HR = Branch HR
WORD_ROLE_GROUP_HR = Group HR
WORD_ROLE_COMPENSATION_SPECIALIST = Compensation specialist
WORD_ROLE_APPROVER = Approver
WORD_ROLE_INTEGRATOR = Integrator
WORD_ROLE_AUDITOR = Auditor
WORD_ROLE_PLATFORM_OPERATOR = Platform operator
WORD_ROLE_GROUP_ADMIN = Group administrator
WORD_LOGIN_KIND_PERSON = Person
WORD_LOGIN_KIND_USER = Nobody in particular
WORD_LOGIN_KIND_SERVICE_ACCOUNT = Program
WORD_GRANT_VERDICT_ALLOWS = Allows this
WORD_GRANT_VERDICT_OUT_OF_REACH = Its role gives the permission, but it does not reach this
WORD_GRANT_VERDICT_CONDITION_UNMET = It would allow this with a second factor, or at another hour
WORD_GRANT_VERDICT_NOT_NOW = It would allow this on other days
WORD_GRANT_VERDICT_NOT_ENTITLED = The group does not have the module
WORD_GRANT_VERDICT_ROLE_LACKS = Its role does not give the permission
WORD_MODULE_IDENTITY = Identity
WORD_MODULE_ATTENDANCE = Attendance
WORD_MODULE_PERFORMANCE = Performance
WORD_MODULE_COMPENSATION = Compensation
WORD_MODULE_TALENT = Talent
WORD_MODULE_SUITE = All parts
DONE_GRANT_GIVEN = The role is given.
DONE_GRANT_TAKEN = The role is taken away.
DONE_ROLE_DEFINED = The role is saved.
DONE_DELEGATED = Delegated.
DONE_DELEGATION_ENDED = The delegation has ended.
DONE_EMERGENCY_OPENED = The emergency is declared; it is reported.
DONE_EMERGENCY_ENDED = The emergency has ended.
DONE_EMERGENCY_REVIEWED = The review is saved.
DONE_ACCOUNT_MADE = The account is made.
DONE_KEY_REVOKED = The key is revoked.
DONE_PROVIDER_KEPT = The provider is saved.
DONE_PROVIDER_REMOVED = The provider is removed.
DONE_PASSWORD_CHANGED = The password is changed; your other sessions have ended.
DONE_FACTOR_REMOVED = The second factor is removed.
DONE_SESSION_ENDED = The session has ended.
DONE_SESSIONS_ENDED = You are signed out everywhere.
# Over the console: a sign-in came back to another browser than it began in.
SSO_OF_ANOTHER_BROWSER = this sign-in began in another browser, or too long ago: begin again here
## Console: people and structure

NAV_ORG = Org tree
NAV_CORRECTIONS = Corrections
NAV_ACCOUNTS = Accounts
NAV_ALIASES = Nicknames
NAV_DEVICES = Devices
NAV_SITES = Sites
NAV_CATALOGUE = Positions and grades
UI_ABOUT = About
UI_ACCOUNT = Account
UI_ACCOUNT_HINT = As people sign in with it on the platform.
UI_ACTIONS = Change
UI_ADD_ACCOUNT = Add an account
UI_ADD_ALIAS = Add a nickname
UI_ADD_DEVICE = Add a device
UI_ADD_ENTRY = Add a position or grade
UI_ADD_PERSON = Add a person
UI_ADD_PHASE = Change how it is used
UI_ADD_PHASE_SAID = The days before stay as they are. Only a later phase can be added: what is past stays as it was said.
UI_ADD_SITE = Add a site
UI_ADD_UNIT = Add a unit
UI_ADD_UNIT_BELOW = Add a unit below
UI_AFTER = After
UI_ALIAS = Nickname
UI_ALIAS_END = End the nickname
UI_ALIAS_MOVE = Give it to somebody else
UI_ALL_STATES = All
UI_ALWAYS = Always
UI_APPROVE = Approve
UI_APPROVED = Approved
UI_ASKED = Asked for
UI_ASKED_AT = Asked at
UI_ASKED_BY = Asked by
UI_AS_HOME = Empty: as in the home employment.
UI_AT_ONCE = Dialogues at once
UI_AT_ONCE_HINT = How many one person can hold at once: 1 for voice.
UI_BACKDATED = It is meant to begin before this month: closed months are then read by what is known today
UI_BEFORE = Before
UI_CATALOGUE_SAID = The same code again, with a later first day, says what holds from then on. Without any entry every position and grade can be written.
UI_CODE_NAME = Code
UI_CODE_NAME_HINT = What employments name, such as agent or P3.
UI_CORRECTION_ABOUT_YOU = This is about you: somebody else decides.
UI_CORRECTION_DECIDE = Somebody else asked for this. From your approval on it counts.
UI_CORRECTION_LOOK = It waits for somebody who may approve corrections.
UI_CORRECTION_OVER = There is nothing to decide any more.
UI_CORRECTION_OWN = You asked for this: somebody else decides. You can take it back while it waits.
UI_COUNTS_NO_MORE = This counts no more and stays listed, because nothing that was recorded is taken away.
UI_CUT_OVER = End of the working day
UI_CUT_OVER_HINT = At this time of the night one working day ends and the next begins.
UI_DEED_CANCEL = Drop what is planned
UI_DEED_CANCEL_SAID = What was planned from this day on does not happen; what holds today stays.
UI_DEED_CORRECT_START = Correct the first day
UI_DEED_CORRECT_START_SAID = For a first day that was written down wrongly. What was known before stays on file.
UI_DEED_END = End the employment
UI_DEED_END_SAID = All posts and leaves end with this day, too.
UI_DEED_END_LEAVE = End the leave
UI_DEED_END_LINE = End the line
UI_DEED_END_POST = End the post
UI_DEED_LEAVE = Leave of absence
UI_DEED_LINE = Set the manager
UI_DEED_LINE_SAID = A solid line takes the place of the one that holds, for its days.
UI_DEED_POST = Secondment or concurrent post
UI_DEED_RECTIFY = Put name or number right
UI_DEED_RECTIFY_SAID = Only for what was written wrongly. The wrong word is gone then; the audit log keeps that it was changed.
UI_DEED_REHIRE = Comes back
UI_DEED_TRANSFER = Transfer or promotion
UI_DEED_TRANSFER_SAID = From this day on; what was before stays. Another grade is a promotion.
UI_DEVICE = Device
UI_DEVICES_ALIASES = Nicknames and devices
UI_DEVICE_END = End the device
UI_DEVICE_HINT = As the desk or the platform names it, capitals as they are.
UI_DEVICE_MOVE = Give it to somebody else
UI_EMPLOYED_AS = Employed as
UI_EMPLOYEE_NO_HINT = The group's own number for this person; nobody else has it.
UI_EMPLOYMENTS = Employments
UI_EMPTY_STAYS = Empty: it stays as it is.
UI_EVIDENCE = What shows it
UI_EXCLUSIVE = One person at a time
UI_EXCLUSIVE_FIELD = Only one person may hold it at a time
UI_FACT = Fact
UI_FACTS = Facts
UI_FROM_BEGINNING_HINT = Empty: from the beginning.
UI_FROM_ON = From { $from } on
UI_FROM_TIME = From
UI_FROM_TO = { $from } to { $to }
UI_FROM_WHEN = From when on
UI_GONE_UNITS = Units that were closed
UI_HANDOVER = Hand-over
UI_HIDDEN = hidden from you
UI_HISTORY = What happened
UI_ID_NUMBER = Identity number
UI_ITS_ZONE = Time zone
UI_KNOWN_ON = As known on
UI_LADDER = Place on the ladder
UI_LADDER_HINT = For grades alone, from 1 on: higher is more.
UI_LEAVES = Leaves of absence
UI_LEAVE_KIND = Why
UI_LEAVE_REASON = Why, in words
UI_LEAVE_REASON_HINT = Only those read it who may read why somebody is away.
UI_LINE_KIND = Kind of line
UI_LOOK = Show what it touches
UI_MANAGER = Manager
UI_MERGE_ALSO = And this unit, too
UI_MERGE_INTO = Into which unit
UI_MOVE_PEOPLE_HINT = Needed while somebody is employed there.
UI_MOVE_PEOPLE_TO = People and accounts go to
UI_NAME_HIDDEN = Name hidden from you
UI_NEW_PARENT = Below which unit
UI_NEW_PERSON = Who it is from then on
UI_NOBODY = Nobody
UI_NOBODY_CALLED = nothing of the list is called “{ $text }”: choose one of the list
UI_NONE_KNOWN = none known
UI_NOTHING_AFTER = It never happened, or counts no more.
UI_NOTHING_BEFORE = Nothing was recorded.
UI_NOT_EMPLOYED = Not employed on this day
UI_NOT_SAID = not said
UI_NO_ACCOUNTS = There are no accounts where you may look: add the first one, or bring them in as a file.
UI_NO_ALIASES = No nicknames are known where you may look.
UI_NO_CATALOGUE = There is no catalogue on this day: every position and grade can be written.
UI_NO_CORRECTIONS = There are no corrections in this state.
UI_NO_CORRECTIONS_WAITING = Nothing waits for a decision.
UI_NO_DEVICES = No devices are known where you may look.
UI_NO_DEVICES_ALIASES = None is known for this person.
UI_NO_EMPLOYMENTS = No employment is known where you may look.
UI_NO_LEAVES = No leave is known.
UI_NO_MANAGER = Reports to nobody on this day.
UI_NO_REASON = No reason was given.
UI_NO_SITES = There are no sites yet: add the first one.
UI_NO_SLASH = one name, without “/”: the unit above is chosen apart
UI_NO_UNITS = There are no units on this day where you may look.
UI_NO_USES = Nobody is known to have worked at a device on these days.
UI_OF_PERSON = of a person
UI_OF_SEAT = of a seat
UI_ONE_OF_BOTH = a person or a seat, not both
UI_ONLY_NEWEST = Only the newest { $count } are shown: choose a state to see fewer.
UI_ON_DAY = On { $day }
UI_OPEN_END_HINT = Empty: no end is known.
UI_ORG_COUNTED = { $units ->
    [one] 1 unit
   *[other] { $units } units
}, { $count ->
    [one] 1 person
   *[other] { $count } people
}
UI_OWN_ZONE = Time zone
UI_PARENT_NOT_THERE = that unit is not there on this day
UI_PATH = Path
UI_PATHS = Units
UI_PEOPLE_BELOW = People with all units below
## Console: cycles

UI_SEVERAL_CALLED = several are called "{ $text }": { $names }
NAV_CYCLES = Cycles
NAV_SCHEMES = Schemes
NAV_MEASURES = Measures
NAV_RUNS = Attribution
NAV_OBSERVATIONS = Observations
# A result was looked at on a page that is older than it.
PAGE_OUTDATED = the result was worked out anew since you opened this page: look at it as it is now, and send it again
UI_SAY_SURE = tick this box to go on
UI_VERSION = Version
UI_INDICATORS = Indicators
UI_NO_SCHEMES = There is no scheme yet. Begin with a template below, or with a new one.
UI_REFINEMENT = Refines a standard
UI_STANDARD = Standard
UI_STANDARD_BINDING = Standard, binding
UI_OWN_SCHEME = On its own
UI_WITHDRAWN_FROM = Withdrawn from { $day }
UI_IN_USE = In use
UI_WITHDRAWN_BECAUSE = Out of use from { $day } on: { $reason }
UI_SUPERSEDED_BY = Use version { $version } in its place.
UI_NEW_SCHEME = New scheme
UI_SCHEME_TEMPLATES = Templates to begin with
UI_BEGIN_WITH_IT = Begin with it
UI_NEW_VERSION = New version
UI_REFINE_IT = Refine it
UI_WHAT_IT_IS = What it is
UI_SIDE_BY_SIDE = Versions side by side
UI_BESIDE = beside version
UI_DIFFERING = { $count ->
    [0] They are the same in everything.
    [one] One line differs; it is marked.
   *[other] { $count } lines differ; they are marked.
}
UI_DIFFERS = (differs)
UI_REFINEMENTS = Schemes that refine it
UI_SCORED_BY_IT = Cycles that are scored by it
UI_WITHDRAW_SCHEME = Take out of use
UI_WITHDRAW_VERSION_HINT = Empty: the whole scheme.
UI_WITHDRAW_FROM = From this day on
UI_SUPERSEDED = Version to use in its place
UI_SUPERSEDED_HINT = Empty: none.
UI_VERSION_N = Version { $version }
UI_NAME_VERSION = { $name }, version { $version }
UI_REFINES = Refines
UI_COLLABORATION = Collaboration points are added
UI_COLLABORATION_POINTS = Collaboration points
UI_CURRENCY = Currency
UI_CURRENCY_HINT = Three letters, such as CNY. Empty: the group's own.
UI_WRITTEN_IN = Written in region
UI_INDICATOR_OF_TARGET = Counts { $weight } of 100. Target: { $target } ({ $direction }); points in proportion to it, at least { $floor } and at most { $cap }.
UI_INDICATOR_OF_GROUP = Counts { $weight } of 100 ({ $direction }). Points: { $how }, at least { $floor } and at most { $cap }.
UI_INDICATOR_SMALL = With fewer than { $small } measured records it is drawn towards the group.
UI_TEAM_MEDIAN = the team's median
UI_WEIGHT_BETWEEN = A refinement may weigh it from { $least } to { $most }.
UI_WEIGHT_FIXED = A refinement keeps it as it is.
UI_MAY_BE_LEFT_OUT = It may be left out.
UI_WEIGHT = Weight
UI_TARGET = Target
UI_TARGET_HINT = Empty: the team's median.
UI_DIRECTION = Better
UI_HOW_POINTS = How it becomes points
UI_FLOOR_CAP = Fewest and most points
UI_FLOOR = Fewest points
UI_CAP = Most points
UI_SMALL_SAMPLE = Small sample below
UI_SMALL_SAMPLE_HINT = Below so many records a value is drawn towards the group's. Empty: never.
UI_UNIT_OF_MEASURE = Unit of measure
UI_KEY = Short name
UI_KEY_HINT = Empty: made from the measure.
UI_MAY_BE_REFINED = Units below may refine it
UI_MUST_BE_REFINED = Units below may have no scheme that does not refine it
UI_WITHIN = Weight may vary by
UI_WITHIN_HINT = Points up or down in a refinement. Empty: not at all.
UI_MEASURE = Measure
UI_INDICATOR_N = Indicator { $number }
UI_FROM_VERSION = Begun from version { $version }. The versions before stay as they are.
UI_FROM_STANDARD = Refines { $name }, version { $version }: change what it leaves open.
UI_FROM_TEMPLATE = Begun from a template. Put in your own targets.
UI_FROM_NOTHING = Name what counts, and how much: the weights sum to exactly 100.
UI_NEW_VERSION_OF = New version of { $name }
UI_SUM_WHOLE = The weights sum to { $said }: it can be saved.
UI_SUM_SHORT = The weights sum to { $said } of 100: { $rest } are missing.
UI_SUM_OVER = The weights sum to { $said }: { $rest } more than 100.
UI_CHECK = Check
UI_ADD_INDICATOR = Add an indicator
UI_UNIT_OR_GROUP_HINT = Empty: the whole group.
UI_NEW_MEASURE = New measure
UI_NO_MEASURES = There is no measure yet.
# A measure of the catalogue was opened that is not there, or is not the reader's to see.
UI_NO_MEASURE = there is no such measure, or it is not yours to see
UI_MEASURES_WHAT = What it measures
UI_SUPPLIED = Built in
UI_RETIRED = Retired
UI_RETIRED_BECAUSE = { $at }: { $reason }
UI_REVISION = Revision
UI_RETIRE = Retire
UI_RETIRE_SAID = No new version of a scheme may name it then. Versions that are there keep their copy.
UI_CHANGE_IT = Change it
UI_MEASURE_OTHER_KIND = What this measure is made of is changed with the API; its name, unit and direction can be changed here.
UI_TITLE_EN = Name in English
UI_TITLE_ZH = Name in Chinese
UI_MEASURE_KEY_HINT = By which schemes name it, such as quality_check. It never changes.
UI_MIN_COUNT = Fewest that count
UI_MIN_COUNT_HINT = With fewer nothing counts as measured. Empty: no rule.
UI_OF_RECORDS = From records
UI_OF_OBSERVATIONS = From observations
UI_OF_RATIO = One measure over another
UI_OBSERVED_OF = Observed of
UI_AGGREGATION = How values become one
UI_RECORD_VALUE = Value of the record
UI_RECORD_VALUE_HINT = first_reply_seconds, duration_seconds, resolved, rating, amount, or a column of yours. Empty where records are counted.
UI_TEST = Counts as a yes
UI_TEST_VALUE = than this value
UI_RECORD_KINDS = Kinds of records
UI_LIST_HINT = Several are set apart by commas. Empty: all.
UI_RATIO_OF = What is divided
UI_RATIO_PER = By what
UI_IN_PERCENT = In percent
UI_NEW_CYCLE = New cycle
UI_NO_CYCLES = There is no cycle yet where you may look. Make one for a month, and close it when its records are in.
UI_PERIOD = Period
UI_SCHEME = Scheme
UI_PEOPLE_IN = People with a card
UI_PUBLISHED_AT = Published
UI_CORRECTION_OF = Correction of { $name }
UI_MAKE_CYCLE = Make the cycle
UI_POPULATION = Who is in it
UI_POPULATION_SAID = Empty: everybody of the unit and below it.
UI_POSITIONS = Positions
UI_GRADES = Grades
UI_INCLUDE = Also in
UI_EXCLUDE = Left out
UI_PEOPLE_HINT = Employee numbers, set apart by commas or one a line.
UI_AS_OF_DAY = As employed on
UI_AS_OF_DAY_HINT = Empty: the last day of the period.
UI_PREVIEW_POPULATION = Preview who is in it
UI_IS_IN = In
UI_IS_OUT = Not in
UI_WHY = Why
UI_EVERYBODY_OF_UNIT = Everybody of the unit and below it
UI_RUN = Attribution run
UI_OPEN_RUN = Open the run
UI_CORRECTS = Corrects
UI_OPEN_CORRECTED = Open the published result
UI_RESULT_VERSION = Version of the result
UI_STEP_MADE = Made
UI_STEP_TO_CLOSE = To be closed once its records are in
UI_STEP_CLOSING = Closing: records are credited, cards are scored
UI_STEP_FAILED = Could not be closed
UI_STEP_CLOSED = Closed: every card is scored
UI_STEP_REVIEW = To be looked at, and published
UI_STEP_PUBLISHED = Published: everybody knows the result
UI_PROGRESS = Progress
UI_LOOK_AGAIN = Look again
UI_DONE_OF = { $done } of { $total }
UI_WAITS_FOR_WORKER = Waits for its turn
UI_CLOSE_CYCLE = Close the cycle
UI_CLOSE_AGAIN = Close it again
UI_CANCEL_CLOSING = Stop closing
UI_CANCEL_CORRECTION = Throw the correction away
UI_CANCEL_SAID = What was worked out is thrown away; nothing else changes.
UI_CORRECT_CYCLE = Correct the result
UI_CORRECT_SAID = It is worked out anew over the facts as they are now, beside the published result; nobody knows it before it is published.
UI_CORRECT_REASON_HINT = Everybody with a card reads it.
UI_SCHEME_VERSION = Version of the scheme
UI_SCHEME_VERSION_HINT = Empty: the one that was used.
UI_PUBLISH_RESULT = Publish the result
UI_PUBLISH_SURE = Yes, everybody may know it
UI_PUBLISH_SAID = Everybody with a card sees it, and pay takes it from here. A published result never changes; it can only be corrected by a further version.
UI_PUBLISH_NOT_YOURS = Publishing is somebody else's here.
UI_PUBLISHED_ALREADY = This result is published already; nothing was done twice.
UI_PUBLISH_NOTHING_YET = There is no result to publish yet: close the cycle first.
UI_BACK_TO_CYCLE = Back to the cycle
UI_REVIEW = The result
UI_RECORDS = Records
UI_CREDITED = Credited
UI_UNATTRIBUTED = Credited to nobody
UI_CREDITED_WITHIN = Credited within
UI_CREDITED_OUTSIDE = { $people ->
    [one] { $records } to one other
   *[other] { $records } to { $people } others
}
UI_CORRECTED_PEOPLE = People whose card differs
UI_HOW_CREDITED = How records were credited
UI_DISTRIBUTION = How scores lie
UI_SCORE_BETWEEN = { $from } to below { $to }
UI_PEOPLE_COUNT = { $count ->
    [one] 1 person
   *[other] { $count } people
}
UI_PEOPLE_HERE = People of this unit itself
UI_PEOPLE_OF = { $count ->
    [one] 1 person
   *[other] { $count } people
}, { $own } here
UI_PERSON_OR_SEAT = Person or seat
UI_PERSON_OR_SEAT_HINT = Fill in the person or the seat.
UI_PHASE = How it is used
UI_PHASES = How it is used, by date
UI_PHASE_HINT = Shared: several people under one name. Named: every record carries its agent. Mixed: on the way there.
UI_PLATFORM = Platform
UI_POST = Which of the two
UI_PUNCH = Punch
UI_REJECT = Reject
UI_REJECTED = Rejected
UI_REPORTS = Report to this person
UI_REPORTS_TO = Reports to
UI_RESULTS = Results
UI_SEAT = Seat
UI_SEAT_HINT = As rosters name it; whoever is rostered on it works at the device.
UI_SEAT_UNIT = Unit that has the seat
UI_SHIFT = Shift
UI_SOME_HIDDEN = Some of this is hidden from you: your grants do not open it.
UI_STORE = Store
UI_TEAM = Team
UI_TEAM_HINT = The team that serves it. Empty: it is the whole group's.
UI_TICK_SURE = tick this first
UI_TITLE = What people read
UI_TODAY = Today
UI_TOUCHES = What it touches
UI_TOUCHES_SAID = Nothing was written: this is what it would be.
UI_TO_TIME = To
UI_UNITS_BELOW = Units below
UI_UNIT_CLOSE = Close the unit
UI_UNIT_CLOSE_SAID = It must have no units below then. Its people and accounts go where you say; the past stays.
UI_UNIT_KIND_HINT = Empty: a branch at the top, else a team.
UI_UNIT_MERGE = Merge into another unit
UI_UNIT_MERGE_SAID = Units below, people and accounts go to the other unit, and this one closes.
UI_UNIT_MOVE = Move below another unit
UI_UNIT_MOVE_SAID = From this day on with all units below; the past keeps the old place. Only within a region.
UI_UNIT_NOT_ON_DAY = This unit is not there on this day: it is shown as it was last, or as it begins.
UI_UNIT_REGION_HINT = For a branch at the top; units below have that of their branch.
UI_UNIT_RENAME = Rename the unit
UI_UNIT_RENAME_SAID = From this day on; the past keeps the old name.
UI_UNTIL = Until { $to }
UI_WENT_INTO = Went into { $unit }
UI_WHAT = What
UI_WHOLE_NUMBER = a whole number
UI_WHOSE = Whose
UI_WHO_USED_WHAT = Who used what
UI_WHY_HIDDEN = Why is hidden from you
UI_WHY_NOT_SAID = No reason said
UI_WITHDRAW = Take it back
UI_WITHDRAWN = Taken back
UI_YOU = You
UI_ZONE_HINT = Empty: the group's.
DONE_PERSON_ADDED = The person was added
DONE_PERSON_CHANGED = The change was written
DONE_ORG_CHANGED = The org tree was changed
DONE_ACCOUNT_ADDED = The account was added
DONE_PHASE_ADDED = The change was written
DONE_ALIAS_CHANGED = The nickname was written
DONE_DEVICE_CHANGED = The device was written
DONE_SITE_ADDED = The site was added
DONE_ENTRY_ADDED = The entry was written
DONE_CORRECTION_APPROVED = Approved: it counts from now on
DONE_CORRECTION_REJECTED = Rejected
DONE_CORRECTION_WITHDRAWN = Taken back
WORD_POST_HOME = Home
WORD_POST_CONCURRENT = Concurrent post
WORD_POST_SECONDMENT = Secondment
WORD_EMPLOYMENT_REASON_HIRE = Hired
WORD_EMPLOYMENT_REASON_REHIRE = Came back
WORD_EMPLOYMENT_REASON_TRANSFER = Transfer
WORD_EMPLOYMENT_REASON_PROMOTION = Promotion
WORD_EMPLOYMENT_REASON_SECONDMENT = Secondment
WORD_EMPLOYMENT_REASON_CONCURRENT_POST = Concurrent post
WORD_EMPLOYMENT_REASON_REORGANISATION = Reorganisation
WORD_LEAVE_KIND_SICK = Ill
WORD_LEAVE_KIND_WORK_INJURY = Hurt at work
WORD_LEAVE_KIND_MATERNITY = A child is born
WORD_LEAVE_KIND_PARENTAL = A child is cared for
WORD_LEAVE_KIND_CARE = Somebody of the family is cared for
WORD_LEAVE_KIND_UNPAID = Unpaid, at the person's wish
WORD_LEAVE_KIND_OTHER = Other
UI_MOVERS = Who moved most
UI_AGAINST = Against { $name }
UI_NOBODY_MOVED = Nobody's score is otherwise.
UI_SCORE_RANK = { $score }, rank { $rank }
UI_NOW = Now
UI_DROPPED = Indicators that did not count
UI_FINDINGS = What should be looked at
UI_FINDINGS_ALL = { $count ->
    [0] Nothing is odd.
    [one] One finding.
   *[other] { $count } findings.
}
UI_FINDINGS_MORE = The first { $count } findings; there are more.
UI_FINDINGS_FIRST = The first findings
UI_CARDS = Cards
UI_NO_CARDS = There is no card that you may see.
UI_RANK = Rank
UI_SCORE = Score
UI_CREDITED_RECORDS = Credited records
UI_COMPARE_CARDS = Compare cards
UI_WITH_PERSON = With
UI_CHOOSE_PEOPLE = Choose people above: their cards stand side by side here.
UI_CHANGED_SINCE = Changed since it was worked out
UI_NOTHING_CHANGED = Nothing: closing it again would work out the same.
UI_CHANGED_ACCOUNTS = { $accounts ->
    [one] Something is otherwise on one account.
   *[other] Something is otherwise on { $accounts } accounts.
}
UI_CHANGED_OBSERVATIONS = { $observations ->
    [one] One observation came or changed.
   *[other] { $observations } observations came or changed.
}
UI_CHANGED_OTHERS = { $others ->
    [one] Also one account that is not yours to see.
   *[other] Also { $others } accounts that are not yours to see.
}
UI_CHANGED_RATE = The rate from { $from } to { $to } is otherwise.
UI_CHANGES_REMOVED = What is older than { $day } may have been removed by retention and is not held against the result.
UI_CHANGED_ON_ACCOUNT = changes of records: { $records }; days with other duty: { $days }
UI_CARD = Card
UI_OF_CARDS = of { $of }
UI_OUTSIDE_OWN = { $records } of it outside the own roster or team
UI_POINTS_BY_INDICATOR = Points by indicator
UI_STEP_BY_STEP = Step by step
UI_VALUE = Value
UI_ADJUSTED = After the small-sample rule
UI_POINTS = Points
UI_WEIGHTED = Weighted
UI_MEASURED_ON = Measured on records
UI_CARD_VERSIONS = Versions of this card
UI_VERSIONS_BESIDE = Versions of the card side by side
UI_NO_CARD_THEN = no card
UI_NOT_PUBLISHED_YET = This result is not published yet: only those who review it see it.
UI_OPEN_PERSON = Open the person
UI_DIGEST = Digest of what went in
UI_NEW_RUN = Start a run
UI_NO_RUNS = There is no run yet. Closing a cycle starts one; so does this page, before anything is scored.
UI_STARTED = Started
UI_CYCLE = Cycle
UI_RULES = Rules
UI_PEOPLE_CREDITED = People credited
UI_ACCOUNTS = Accounts
UI_TOTALS = Totals by person
UI_AT_LEAST = At least
UI_AT_MOST = At most
UI_NAMED_SHARE = Of it beyond doubt
UI_CANCEL_RUN = Stop the run
UI_START_RUN = Start
UI_RUN_SAID = Credits the records of some days, so that what is odd can be put right before a cycle is closed. No score is made.
UI_NO_OBSERVATIONS = Nothing was observed here. Observations come with an import, or from other systems by the API.
# An observation was to be withdrawn that does not count any more.
UI_NO_OBSERVATION = there is no such observation any more
UI_SOURCE = Source
UI_CAME_AT = Came
UI_COUNTS = Counts
UI_WITH_VERSIONS = Also what counts no more
UI_WITHDRAW_OBSERVATION = Withdraw the observation
UI_WITHDRAW_SAID = It counts no more. Its versions stay readable, with your reason.
WORD_CYCLE_STATE_OPEN = Open
WORD_CYCLE_STATE_CLOSING = Closing
WORD_CYCLE_STATE_REVIEWABLE = To be reviewed
WORD_CYCLE_STATE_PUBLISHED = Published
WORD_CYCLE_STATE_FAILED = Failed
WORD_ATTRIBUTION_RUN_STATE_RUNNING = Running
WORD_ATTRIBUTION_RUN_STATE_DONE = Done
WORD_ATTRIBUTION_RUN_STATE_FAILED = Failed
WORD_ATTRIBUTION_RUN_STATE_CANCELLED = Stopped
WORD_NORMALISATION_TARGET_PIECEWISE = In proportion to the target
WORD_NORMALISATION_MIN_MAX = Between the smallest and the largest of the group
WORD_NORMALISATION_PERCENTILE = Share of the group at or below
WORD_NORMALISATION_T_SCORE = Distance from the group's mean (T score)
WORD_DIRECTION_HIGHER = more is better
WORD_DIRECTION_LOWER = less is better
WORD_REFINEMENT_STATE_UP_TO_DATE = Up to date
WORD_REFINEMENT_STATE_BEHIND_BUT_FITS = Behind, but fits
WORD_REFINEMENT_STATE_MUST_FOLLOW = Must follow
WORD_REFINEMENT_STATE_PARENT_WITHDRAWN = Its standard is withdrawn
WORD_POPULATION_REASON_FITS = Fits all that is said
WORD_POPULATION_REASON_NAMED_IN = Named
WORD_POPULATION_REASON_NAMED_OUT = Named as left out
WORD_POPULATION_REASON_NOT_EMPLOYED = Not employed in the period
WORD_POPULATION_REASON_OTHER_UNIT = In another unit on the day
WORD_POPULATION_REASON_OTHER_POSITION = In another position on the day
WORD_POPULATION_REASON_OTHER_GRADE = In another grade on the day
WORD_POPULATION_REASON_OTHER_EMPLOYMENT_KIND = Employed as something else on the day
WORD_POPULATION_REASON_EMPLOYMENT_KIND_NOT_SAID = Nobody said as what they are employed
WORD_DROP_REASON_NOBODY_HAS_DATA = nobody has data
WORD_DROP_REASON_NO_DATA_OF_PERSON = no data of this person
WORD_DROP_REASON_NO_TARGET = the median is not above zero, so there is no target
WORD_DROP_REASON_TOO_LARGE = the number is too large to compute with
WORD_DROP_REASON_TOO_LARGE_ELSEWHERE = somebody else's number is too large to compute with
WORD_DROP_REASON_NO_PAST = no value from before to hold it against
WORD_PERSON_CHANGE_KIND_EMPLOYMENT = another unit, or employed on other days
WORD_PERSON_CHANGE_KIND_CAME_IN = has come in
WORD_PERSON_CHANGE_KIND_WENT_OUT = has gone out
WORD_PERSON_CHANGE_KIND_PAST = had something else in cycles of before
WORD_OBSERVATION_END_REVISED = Revised
WORD_OBSERVATION_END_WITHDRAWN = Withdrawn
WORD_EMPLOYMENT_KIND_FULL_TIME = Full time
WORD_EMPLOYMENT_KIND_PART_TIME = Part time
WORD_EMPLOYMENT_KIND_FIXED_TERM = Fixed term
WORD_EMPLOYMENT_KIND_INTERN = Intern
WORD_EMPLOYMENT_KIND_AGENCY = Agency
WORD_EMPLOYMENT_KIND_OUTSOURCED = Outsourced
WORD_EMPLOYMENT_KIND_FREELANCE = Freelance
WORD_ORG_UNIT_KIND_UNSPECIFIED = Unit
WORD_ORG_UNIT_KIND_GROUP = Group
WORD_ORG_UNIT_KIND_LEGAL_ENTITY = Legal entity
WORD_ORG_UNIT_KIND_BRANCH = Branch
WORD_ORG_UNIT_KIND_DEPARTMENT = Department
WORD_ORG_UNIT_KIND_TEAM = Team
WORD_REPORTING_LINE_KIND_UNSPECIFIED = Line
WORD_REPORTING_LINE_KIND_SOLID = Solid line: in charge
WORD_REPORTING_LINE_KIND_DOTTED = Dotted line: further manager
WORD_CATALOGUE_KIND_UNSPECIFIED = Entry
WORD_CATALOGUE_KIND_POSITION = Position
WORD_CATALOGUE_KIND_GRADE = Grade
WORD_PHASE_KIND_UNSPECIFIED = Not said
WORD_PHASE_KIND_SHARED = Shared
WORD_PHASE_KIND_MIXED = Mixed
WORD_PHASE_KIND_NAMED = Named
WORD_FACT_STATE_UNSPECIFIED = Counts
WORD_FACT_STATE_COUNTS = Counts
WORD_FACT_STATE_VOIDED = Taken back
WORD_FACT_STATE_MOVED = Replaced
WORD_CORRECTION_ACTION_UNSPECIFIED = Put right
WORD_CORRECTION_ACTION_ADD = add what was forgotten
WORD_CORRECTION_ACTION_VOID = it never happened
WORD_CORRECTION_ACTION_MOVE = it happened otherwise
WORD_CORRECTION_ACTION_CHANGE = another one from now on
WORD_CORRECTION_ACTION_CANCEL = off the roster
WORD_CORRECTION_ACTION_END = ends
WORD_CORRECTION_STATE_UNSPECIFIED = Only looked at
## Console: mine

NAV_TODAY = Today
NAV_MONTH = My month
NAV_MY_PAY = My pay
NAV_FACTS = My facts
UI_MINE_ZONE = Times are of { $zone }.
UI_MINE_ZONE_OTHER = Times are of { $zone }, as you chose; you work in { $site }, and days are days there.
UI_MINE_LASTS = { $hours } h { $minutes } min
UI_MINE_LASTS_COLUMN = Time at work
UI_MINE_ACCOUNT = Account … { $code }
UI_MINE_ACCOUNT_COLUMN = Account
UI_MINE_FREE = Nothing is planned today
UI_MINE_AHEAD = Your shift begins at { $at }
UI_MINE_LATE = Your shift began at { $at }; you have not punched in
UI_MINE_ABSENT = Planned, and no punch
UI_MINE_IN = In since { $at }
UI_MINE_MISSING = A punch is missing
UI_MINE_WAS = At work for { $lasts }
UI_MINE_DAY_FREE = Free
UI_MINE_DAY_AHEAD = Planned
UI_MINE_DAY_LATE = Not in yet
UI_MINE_DAY_ABSENT = No punch: put right
UI_MINE_DAY_IN = In
UI_MINE_DAY_MISSING = Punch missing: put right
UI_MINE_DAY_WAS = Complete
UI_MINE_COME = Punch in
UI_MINE_LEAVE = Punch out
UI_MINE_SHIFT = Shift
UI_MINE_NO_SHIFT = No shift is planned for this day.
UI_MINE_SEAT = Seat
UI_MINE_PUNCHES = Punches
UI_MINE_NO_PUNCHES = There is no punch on this day yet.
UI_MINE_TO_FACTS = All days and corrections
UI_MINE_ACCOUNTS = Accounts
UI_MINE_NO_ACCOUNTS = No account is planned for you. Ask your supervisor if you serve one.
UI_MINE_TAKE = Take over
UI_MINE_RELEASE = Hand over
UI_MINE_HELD_BY_ME = Yours since { $at }
UI_MINE_HELD_BY = { $name } has it since { $at }
UI_MINE_HELD_BY_OTHER = Somebody has it since { $at }
UI_MINE_HELD_BY_NOBODY = Nobody whom you may see holds it
UI_MINE_DRIFT = { $minutes ->
    [one] Your device's clock is 1 minute off. The punch counts at our time; what your device said is kept beside it.
   *[other] Your device's clock is { $minutes } minutes off. The punch counts at our time; what your device said is kept beside it.
}
UI_MINE_DROPPED = Does not count
UI_MINE_ADDED = By correction
UI_MINE_MOVE = Put right
UI_MINE_VOID = Never was
# Somebody else is signed in on the device than when the punch was made.
UI_MINE_OTHERS_PUNCH = this punch was made by somebody else on this device: they must sign in to send it
UI_MINE_LATE_REASON = Punched without a network at { $at }
UI_MINE_LATE_ASKED = Recorded at { $recorded }. That it count at { $at }, when you pressed, waits for approval.
UI_MINE_LATE_NOT_ASKED = Recorded at { $recorded }. You pressed at { $at }, which could not be asked for ({ $why }): put it right under My facts.
UI_QUEUE = Punches made without a network
UI_QUEUE_WAITING = Waits for a network, and is then sent by itself
UI_QUEUE_RECORDED = Recorded
UI_QUEUE_REFUSED = Was refused
UI_OFFLINE = No network
UI_OFFLINE_SAID = You can punch all the same: your device keeps the punch with its time, and sends it when there is a network again.
UI_OFFLINE_SCRIPTS = Punches without a network need scripts, which your browser does not run.
UI_MINE_CYCLES = Cycles
UI_MINE_SCORE = Score
UI_MINE_PLACE = Place
UI_MINE_RANK = { $rank } of { $of }
UI_MINE_GAP = Points to the targets
UI_MINE_GAP_SAID = What the indicators below their targets lack together
UI_MINE_COLLABORATION = Collaboration
UI_MINE_STEPS = The score, step by step
UI_MINE_OF_WEIGHT = { $points } of { $weight }
UI_MINE_IN_WORDS = Each step in words
UI_MINE_HELPS = What would help most
UI_MINE_HELPS_NOTHING = Every indicator is at its target.
UI_MINE_LACKS = Points lacking:
UI_MINE_TOTALS = Credited records
UI_MINE_INTERVAL = The mark is what you are credited with; with 90 % certainty what you served lies within the bar.
UI_MINE_ALL_ACCOUNTS = All accounts
UI_MINE_HOW_SURE = How sure
UI_MINE_TO_RECORDS = Each record, and why
UI_MINE_RECORDS = Records
UI_MINE_RECORD = Record
UI_MINE_BEGAN = Began
UI_MINE_SHARE = Your share
UI_MINE_OTHERS = Others
UI_MINE_NO_RECORDS = No record is credited to you here.
UI_MINE_WHY = Why
UI_MINE_HIDDEN = Where *** stands is somebody whom you may not see.
UI_MINE_VERSIONS = Versions
UI_MINE_VERSION = Version { $number }: score { $score }
UI_MINE_NO_VERSIONS = This card has not been published yet.
UI_MINE_DRAFT = This cycle is being reviewed: the score may change until it is published.
UI_MINE_NO_CARD = You have no score card yet. It comes when a cycle with you in it is published.
UI_MINE_STATEMENT = Statement
UI_MINE_STATEMENTS = Statements
UI_MINE_NO_STATEMENTS = You have no statement yet. It comes when a settlement is made from a published cycle.
UI_MINE_EQUAL = An equal split
UI_MINE_LINES = What it is made of
UI_MINE_NO_LINES = This statement pays adjustments alone.
UI_MINE_ADJUSTMENTS = Put right of earlier statements
UI_MINE_DELTAS = Amounts that were put right
UI_MINE_LEFT = Still to be settled:
UI_MINE_LEFT_NEXT = Left for the next statement:
UI_MINE_BEHIND = The score rests on { $total ->
    [one] 1 record
   *[other] { $total } records
}; { $count ->
    [one] 1 is listed
   *[other] { $count } are listed
}.
UI_MINE_NO_DAYS = No punch and no shift in this month.
UI_MINE_FINDINGS = What is odd about you
UI_MINE_NO_FINDINGS = Nothing: your punches and records fit together.
UI_MINE_ADVICE = What to do:
UI_MINE_FIX = Ask for what puts it right
UI_MINE_CORRECTIONS = Corrections
UI_MINE_NO_CORRECTIONS = You have asked for no correction.
UI_MINE_WITHDRAW = Take back
UI_MINE_HANDOVERS = Hand-overs
UI_MINE_NO_HANDOVERS = You took over and handed over no account in this month.
UI_MINE_ADD = Add a punch
UI_MINE_MOVE_TITLE = Put a punch right
UI_MINE_VOID_TITLE = A punch that never was
UI_MINE_IT_WAS = It says: { $kind }, { $at }
UI_MINE_RIGHT_SAID = Somebody else approves it; until then everything stays as it is. What was recorded is never erased.
UI_MINE_WHEN = When it was
UI_MINE_KIND = In or out
UI_MINE_ASK = Ask for it
WORD_PUNCH_KIND_IN = In
WORD_PUNCH_KIND_OUT = Out
WORD_PUNCH_VERDICT_ACCEPTED = Accepted
WORD_PUNCH_VERDICT_DOUBLE_IN = You were in already: this one begins anew
WORD_PUNCH_VERDICT_OUT_WITHOUT_IN = Out without an in before
WORD_PUNCH_VERDICT_OFF_ROSTER = Not planned for this time
WORD_HANDOVER_KIND_TAKE = Taken over
WORD_HANDOVER_KIND_RELEASE = Handed over
WORD_CORRECTION_STATE_WAITING = Waits for approval
WORD_CORRECTION_STATE_APPROVED = Approved
WORD_CORRECTION_STATE_MADE = Made
WORD_CORRECTION_STATE_REJECTED = Rejected
WORD_CORRECTION_STATE_WITHDRAWN = Taken back
WORD_PUNCH_KIND_UNSPECIFIED = Punch
WORD_HANDOVER_KIND_UNSPECIFIED = Hand-over
UI_DIALOGUES_AT_ONCE = { $count ->
    [one] 1 dialogue at once
   *[other] { $count } dialogues at once
}
## Console: team

NAV_TEAM_MONTH = Team month
NAV_TEAM_ACCOUNTS = Accounts over time
NAV_FINDINGS = Findings
NAV_HANDOVERS = Hand-overs
NAV_ROSTER = Roster
UI_TEAM_ABOUT = About
UI_TEAM_ACCOUNT = Account
UI_TEAM_ACCOUNTS_SAID = Choose an account to see who held it, what came in, and whose it is.
UI_TEAM_ASK_TO_PUT_RIGHT = Ask to put it right
UI_TEAM_BEGAN = Began
UI_TEAM_BROUGHT_BY = The correction that brought it
UI_TEAM_BY_ACCOUNTS = By accounts
UI_TEAM_BY_PEOPLE = By people
UI_TEAM_BY_WHAT = People or accounts
UI_TEAM_CANCEL_SHIFT = Cancel the shift
UI_TEAM_CERTAIN = Certain
UI_TEAM_CERTAIN_SAID = named, claimed, held or alone on duty
UI_TEAM_CHANGE_SHIFT = Change the shift
UI_TEAM_COLLABORATION = Collaboration
UI_TEAM_COMPARED_WITH = Compared with { $before }
UI_TEAM_CORRECTIONS_WAIT = { $count ->
    [one] 1 correction of a hand-over waits for approval
   *[other] { $count } corrections of hand-overs wait for approval
}
UI_TEAM_CORRECTION_NOT_YOURS = You may look at it, but not ask to put it right.
UI_TEAM_CORRECTION_WAITS = A correction of it waits for approval.
UI_TEAM_COUNTS_NO_MORE = It counts no more, so there is nothing to put right here.
UI_TEAM_COUNTS_NO_MORE_BY = The correction by which it counts no more
UI_TEAM_COUNTS_PUT_RIGHT = put right
UI_TEAM_CREDITED_TO_NOBODY = { $count ->
    [one] 1 record of these days is credited to nobody.
   *[other] { $count } records of these days are credited to nobody.
}
UI_TEAM_CREDITS_OF = Credits of
UI_TEAM_CUSTOMER = Customer
UI_TEAM_CYCLE = Cycle
UI_TEAM_DAYS = { $count ->
    [one] 1 day
   *[other] { $count } days
}
UI_TEAM_DAYS_SHOWN = Days that are shown
UI_TEAM_DAYS_TOO_MANY = at most { $limit } days at once
UI_TEAM_DAY_DRAWN = { $day }: { $records ->
    [one] 1 record
   *[other] { $records } records
}, { $gaps ->
    [0] somebody on duty all day
    [one] 1 stretch with nobody on duty
   *[other] { $gaps } stretches with nobody on duty
}.
UI_TEAM_DEVICE = Device
UI_TEAM_DUTY_AS_TABLE = Duty as a table
UI_TEAM_EARLIER_VERSIONS = Earlier versions
UI_TEAM_ENDED = Ended
UI_TEAM_END_HINT = Not after the beginning: it ends on the next day.
UI_TEAM_EVIDENCE = Evidence
UI_TEAM_FINDINGS_OF = Findings of
UI_TEAM_FIRST_DAY = First day
UI_TEAM_FIRST_REPLY = First reply
UI_TEAM_FIX = Can be put right
UI_TEAM_FIXABLE = { $count ->
    [one] 1 of these can be put right from here: open it to see what would be done.
   *[other] { $count } of these can be put right from here: open one to see what would be done.
}
UI_TEAM_FIX_ALIAS = “{ $alias }” on { $platform } will mean { $person }.
UI_TEAM_FIX_AT_ONCE = It counts at once.
UI_TEAM_FIX_CLOSE = The cycle will be closed again.
UI_TEAM_FIX_HANDOVER = A hand-over of { $account } by { $person } will be added: { $kind }, { $at }.
UI_TEAM_FIX_MOVE = Record { $record } will go from { $from } to { $to }.
UI_TEAM_FIX_NONE = What puts this right does not follow from what is known: somebody who was there must say. The advice above says what to do.
UI_TEAM_FIX_NOT_YOURS = Somebody with more rights may put this right.
UI_TEAM_FIX_OTHER = { $call } will be called.
UI_TEAM_FIX_PUNCH = A punch of { $person } will be added: { $kind }, { $at }.
UI_TEAM_FIX_THERE = can be put right
UI_TEAM_FIX_WAITS = Somebody else must approve it before it counts.
UI_TEAM_FORGOTTEN_HANDOVER = Add a forgotten hand-over
UI_TEAM_MONDAY = Mon
UI_TEAM_TUESDAY = Tue
UI_TEAM_WEDNESDAY = Wed
UI_TEAM_THURSDAY = Thu
UI_TEAM_FRIDAY = Fri
UI_TEAM_SATURDAY = Sat
UI_TEAM_SUNDAY = Sun
UI_TEAM_FROM = From
UI_TEAM_GAP_AT = nobody { $gaps }
UI_TEAM_GAP_BUSY = Nobody on duty, and records came
UI_TEAM_HANDOVER = Hand-over
UI_TEAM_HOW_KNOWN = How we know
UI_TEAM_HOW_SURE = How sure
UI_TEAM_HOW_THE_SCORE_CAME = How the score came about
UI_TEAM_INDICATOR = Indicator
UI_TEAM_KIND = Kind
UI_TEAM_LAST_DAY = Last day
UI_TEAM_LAST_DAY_HINT = Empty: the first day alone.
UI_TEAM_LEGEND = How to read it
UI_TEAM_LEGEND_SAID = Each record is painted in the colours of those it is credited to, each as high as the share, and the fainter the less of it is theirs. The letter is of whoever has most; names stand at the lanes. Circles are punches and hand-overs: full for in and take, hollow for out and release.
UI_TEAM_LOOK_AT_IT = Look at it
UI_TEAM_MOVED = Change of score
UI_TEAM_MOVE_HINT = Read only where it happened at another time.
UI_TEAM_NAMED = Named agent
UI_TEAM_NOBODY = Nobody
UI_TEAM_NOBODY_ON_DUTY = Nobody on duty
UI_TEAM_NOTHING_ODD = Nothing is odd about this month.
UI_TEAM_NOT_CREDITED = not credited yet
UI_TEAM_NOT_CREDITED_YET = Nothing is credited here yet: no closed cycle or run covers it. What came and who was on duty is shown.
UI_TEAM_NO_ACCOUNTS = There is no account where you may look.
UI_TEAM_NO_CARDS = There are no score cards where you may look.
UI_TEAM_NO_CARDS_DO = They appear once a cycle is closed. Choose another cycle above, or look at the accounts meanwhile.
UI_TEAM_NO_CARD_OF_PERSON = There is no card of this person in this cycle.
UI_TEAM_NO_FINDINGS = Nothing was found that somebody should look at.
UI_TEAM_NO_FINDINGS_DO = Findings come with each run of attribution, also before a cycle is closed.
UI_TEAM_NO_HANDOVERS = No hand-over in these days.
UI_TEAM_NO_HANDOVERS_DO = Choose other days above. Hand-overs are recorded where people take over and release an account.
UI_TEAM_NO_RECORDS = No record came on these days.
UI_TEAM_NO_SHIFT = no shift
UI_TEAM_ON_DUTY = On duty
UI_TEAM_ON_DUTY_HELD = On duty by hand-over
UI_TEAM_ON_DUTY_LOOSE = On duty as one of the team
UI_TEAM_OTHERS = People you may not see
UI_TEAM_OTHER_ACCOUNT = An account you may not see
UI_TEAM_OUTSIDE = Records elsewhere
UI_TEAM_PERSON = Person
UI_TEAM_PERSON_HINT = A name or an employee number of the list.
UI_TEAM_PHASE = Used as
UI_TEAM_PLATFORM = Platform
UI_TEAM_POINTS = Points
UI_TEAM_POINTS_BY_INDICATOR = Points of each indicator
UI_TEAM_POLICY = Policy
UI_TEAM_PUBLISH_SAID = Times are of the account's zone. Whoever works on the shift reads it at once.
UI_TEAM_PUBLISH_SHIFTS = Publish shifts
UI_TEAM_PUNCHED = Punched in
UI_TEAM_PUT_IT_RIGHT = Put it right
UI_TEAM_PUT_RIGHT_BECAUSE = Why it was put right
UI_TEAM_RANGE = Range (90 %)
UI_TEAM_RANK = Rank
UI_TEAM_RANK_OF = { $rank } of { $of }
UI_TEAM_RATING = Rating
UI_TEAM_RECORD = Record
UI_TEAM_RECORDS = Records
UI_TEAM_RECORDS_AS_TABLE = Records as a table
UI_TEAM_RECORDS_CAME = records came
UI_TEAM_RECORDS_CREDITED = credited to the people you may see
UI_TEAM_REFUND_OF = Refund of
UI_TEAM_RESOLVED = Resolved
UI_TEAM_ROSTERED = Rostered
UI_TEAM_SCORE = Score
UI_TEAM_SCORE_MEDIAN = Median score
UI_TEAM_SEAT = Seat
UI_TEAM_SECONDS = { $seconds } s
UI_TEAM_SHIFT = Shift
UI_TEAM_SHIFT_COUNTS_NO_MORE = This shift counts no more: change the one that counts in its place.
UI_TEAM_SHIFT_NOT_YOURS = You may look at this shift, but not change it.
UI_TEAM_SHIFT_REASON_HINT = Needed once the shift has begun.
UI_TEAM_STORE = Store
UI_TEAM_SURE_KNOWN = Certain
UI_TEAM_SURE_NOBODY = Credited to nobody
UI_TEAM_SURE_SHARED = Shared equally, nothing tells them apart
UI_TEAM_SURE_WEIGHED = Weighed by evidence
UI_TEAM_TARGET = Target
UI_TEAM_TIMES_IN = Times in { $zone } ({ $offset }).
UI_TEAM_TIMES_OF_ACCOUNTS = Times are of each account's own zone.
UI_TEAM_TO = To
UI_TEAM_TODAY = Today
UI_TEAM_TO_THE_CARD = To the card
UI_TEAM_TO_THE_FINDINGS = Findings of this month
UI_TEAM_TO_THE_TABLE = To the table of records
UI_TEAM_TO_THE_TIMELINE = Timeline
UI_TEAM_VALUE = Value
UI_TEAM_VIEW = How much is shown
UI_TEAM_VIEW_DAY = Day
UI_TEAM_VIEW_MONTH = Month
UI_TEAM_VIEW_WEEK = Week
UI_TEAM_WEIGHT = Weight
UI_TEAM_WHAT = What
UI_TEAM_WHAT_CORRECTIONS_CHANGED = What corrections changed
UI_TEAM_WHAT_IS_ODD = What is odd
UI_TEAM_WHAT_IS_RIGHT = What is right
UI_TEAM_WHAT_IT_WAS = What it was
UI_TEAM_WHAT_SHOWS_IT = What shows it
UI_TEAM_WHAT_TO_DO = What to do
UI_TEAM_WHAT_WAS_PUT_RIGHT = What was put right
UI_TEAM_WHAT_WAS_SEEN = What was seen
UI_TEAM_WHEN = When
UI_TEAM_WHEN_IT_WAS = When it was
UI_TEAM_WHERE_THE_RECORDS_ARE = Where the records are
UI_TEAM_WHOSE = Whose it is
UI_TEAM_WHY = Why
UI_TEAM_ZONE_OF_DAYS = Zone of its days
WORD_DUTY_RULE_HANDOVER = held by hand-over
WORD_DUTY_RULE_ROSTER = rostered, and no punch against it
WORD_DUTY_RULE_PUNCH = of the team, and punched in
WORD_DUTY_RULE_TEAM = no evidence: the whole team
WORD_VERSION_END_REVISED = revised by the sender
WORD_VERSION_END_MOVED = moved to another account
WORD_VERSION_END_WITHDRAWN = withdrawn
WORD_NOBODY_ON_DUTY = nobody was on duty
DONE_FIX_ASKED = Asked for. Somebody else approves it now
DONE_FIX_MADE = Put right
DONE_CORRECTION_ASKED = Asked for. Somebody else approves it now
DONE_SHIFTS_PUBLISHED = Shifts published
DONE_SHIFT_CHANGED = Shift changed
DONE_SHIFT_CANCELLED = Shift cancelled

## Console: words that other rooms have too

WORD_RECORD_AGGREGATION_MEAN = Their mean
WORD_RECORD_AGGREGATION_SUM = Their sum
WORD_RECORD_AGGREGATION_COUNT = How many there are
WORD_RECORD_AGGREGATION_SHARE = The percentage that passes the test
WORD_RECORD_AGGREGATION_DISTINCT = How many customers
WORD_OBSERVATION_AGGREGATION_SUM = Their sum
WORD_OBSERVATION_AGGREGATION_MEAN = Their mean
WORD_OBSERVATION_AGGREGATION_LAST = The last one
WORD_OBSERVATION_OF_PERSON = The person
WORD_OBSERVATION_OF_UNIT = The person's unit
WORD_OBSERVATION_OF_ACCOUNT = An account
WORD_OBSERVATION_OF_STORE = A store
WORD_OBSERVATION_OF_CAMPAIGN = A campaign
WORD_COMPARISON_AT_MOST = at most
WORD_COMPARISON_AT_LEAST = at least
WORD_COMPARISON_BELOW = below
WORD_COMPARISON_ABOVE = above
WORD_COMPARISON_EQUAL = exactly
DONE_SCHEME_SAVED = The version is saved.
DONE_SCHEME_WITHDRAWN = It is out of use.
DONE_MEASURE_SAVED = The measure is saved.
DONE_MEASURE_RETIRED = The measure is retired.
DONE_CYCLE_MADE = The cycle is made.
DONE_CYCLE_CLOSING = Closing has begun.
DONE_CYCLE_CANCELLED = It is stopped.
DONE_CYCLE_CORRECTING = The correction is being worked out.
DONE_CYCLE_PUBLISHED = The result is published.
DONE_RUN_STARTED = The run has begun.
DONE_RUN_CANCELLED = The run is stopped.
DONE_OBSERVATION_WITHDRAWN = The observation is withdrawn.
WORD_FINDING_MISSING_PUNCH = Missing punch
WORD_FINDING_DOUBLE_IN = Punched in twice
WORD_FINDING_TAG_OFF_DUTY = Named by the platform while off duty
WORD_FINDING_UNCOVERED_SHIFT = Shift that nobody worked
WORD_FINDING_NAMED_WITHOUT_AGENT = Named, but no such agent
WORD_FINDING_MISSING_RELEASE = Account never handed back
WORD_FINDING_CLAIM_OFF_DUTY = Claimed while off duty
WORD_FINDING_OVERLAP = Two held one account at once
WORD_FINDING_SEVERAL_AT_ONCE = At several accounts at once
WORD_FINDING_TOO_FEW_REPLIES = Too few replies to tell by
WORD_FINDING_DEVICE_OFF_DUTY = Device of somebody off duty
WORD_FINDING_MIXED_WITHOUT_TAG = Mixed account without names
WORD_FINDING_NO_DUTY_EVIDENCE = No evidence of duty
WORD_FINDING_CLAIMS_DIFFER = Claims that contradict
WORD_FINDING_CLAIM_WITHOUT_RECORD = Claim without a record
WORD_FINDING_BREAKS_NOT_PUNCHED = Breaks that nobody punched
WORD_FINDING_DEVICE_OF_NOBODY = Device of nobody
WORD_FINDING_EVIDENCE_UNEVEN = Evidence is uneven
WORD_FINDING_EVIDENCE_NOT_READ = Evidence that was not read
DONE_CAME = You are punched in.
DONE_LEFT = You are punched out.
DONE_PUNCHED = The punch is recorded.
DONE_TOOK = The account is yours from now on.
DONE_RELEASED = The account is handed over.
DONE_ASKED = Asked for: somebody else approves it.
DONE_WITHDRAWN = Taken back.
## Console: pay

NAV_POOLS = Pools
NAV_SETTLEMENTS = Settlements
NAV_STATEMENTS = Statements
NAV_PAY_CORRECTIONS = Corrections of pay
NAV_RATES = Exchange rates
WORD_SETTLEMENT_STATE_DRAFT = Draft
WORD_SETTLEMENT_STATE_APPROVED = Approved
WORD_SETTLEMENT_STATE_POSTED = Posted
WORD_SETTLEMENT_STATE_DISCARDED = Discarded
WORD_PAY_CORRECTION_STATE_DRAFT = Draft
WORD_PAY_CORRECTION_STATE_APPROVED = Approved
WORD_PAY_CORRECTION_STATE_WITHDRAWN = Withdrawn
DONE_POOL_MADE = The pool is made.
DONE_SETTLEMENT_DRAFTED = The settlement is drafted. Somebody else approves it.
DONE_PAY_APPROVED = The settlement is approved. It can be posted now.
DONE_PAY_POSTED = The settlement is posted. It never changes again.
DONE_PAY_DISCARDED = The settlement is discarded.
DONE_NOTHING_MOVED_ON = Nothing was done: it had moved on already. This is how it stands now.
DONE_PAY_CORRECTION_DRAFTED = The correction is drafted. Somebody else approves it.
DONE_PAY_CORRECTION_APPROVED = The correction is approved. The next settlements pay the differences.
DONE_PAY_CORRECTION_WITHDRAWN = The correction is withdrawn.
DONE_RATE_SET = The rate is written.
DONE_RATE_KNOWN = Nothing was written: this rate was known already.
UI_PAY_ACCOUNT = Account
UI_PAY_ACCOUNT_HIDDEN = An account that you may not see
UI_PAY_ADJUSTMENTS = Corrections of earlier months
UI_PAY_ADJUSTMENTS_ALONE = This statement has no part of the pool: it pays corrections of earlier months alone.
UI_PAY_ALSO_SUPERSEDED = Show also what no longer counts
UI_PAY_AMOUNTS_HIDDEN = You may see that there are statements, but not what anybody is paid: the amounts were not sent to this page.
UI_PAY_AMOUNT_HINT = Digits with at most one point, such as 120000.50.
UI_PAY_ANOTHER_ACCOUNT = another account (…{ $tail })
UI_PAY_APPROVAL_ELSEWHERE = It waits for the approval of somebody who may approve. You may not.
UI_PAY_APPROVE = Approve
UI_PAY_APPROVE_PAY_CORRECTION_SAID = From then on, the next settlements pay or hold back the differences.
UI_PAY_APPROVE_SAID = You did not prepare it, so you may approve it. Look at the lines and the sum first.
UI_PAY_BEFORE = Before
UI_PAY_BEFORE_ROUNDING = Before rounding
UI_PAY_BESIDE_THE_POOL = Beside the pool
UI_PAY_CARRY = Carry odd cents to the next month
UI_PAY_CARRY_HINT = Cents that cannot be split evenly are carried from month to month, so that they even out.
UI_PAY_CORRECTION = Correction of pay
UI_PAY_CORRECTION_REASON_HINT = Each statement that changes shows it.
UI_PAY_CORRECTION_SAID = What was posted stays. The pool is split once more by the score cards as they are now, and the next settlement pays the difference of each person.
UI_PAY_COUNTS = Counts
UI_PAY_CURRENCY = Currency
UI_PAY_CURRENCY_HINT = Three letters, such as CNY.
UI_PAY_CYCLE = Cycle
UI_PAY_CYCLE_HIDDEN = A cycle that you may not see
UI_PAY_DELTAS = Who gets another amount
UI_PAY_DIFFERENCE = Difference
UI_PAY_DISCARD = Discard
UI_PAY_DISCARD_SAID = Throws the settlement away. The pool can be split again afterwards.
UI_PAY_DRAFT_PAY_CORRECTION = Draft this correction
UI_PAY_DRAFT_SETTLEMENT = Draft a settlement
UI_PAY_EQUAL_SPLIT = Split equally
UI_PAY_EQUAL_SPLIT_SAID = what everybody would get without scores
UI_PAY_FLOOR = Score above which points count
UI_PAY_FLOOR_HINT = At or below it nobody gets anything; empty means 0.
UI_PAY_FUND_NAME = Name of the fund
UI_PAY_HIDDEN = hidden
UI_PAY_HOW_KNOWN = How it is known
UI_PAY_HOW_MADE = How the amount is made
UI_PAY_HOW_SPLIT = How it is split
UI_PAY_IN = In
UI_PAY_LEFT_TO_PAY = Left to pay
UI_PAY_LESS = Less, together
UI_PAY_LINES_TOGETHER = All lines together
UI_PAY_LOWEST_SCORE = lowest score
UI_PAY_MAKE_POOL = Make the pool
UI_PAY_MORE = More, together
UI_PAY_NAME_HIDDEN = Name hidden
UI_PAY_NEW_PAY_CORRECTION = Correct pay
UI_PAY_NEW_POOL = New pool
UI_PAY_NEW_RATE = New rate
UI_PAY_NEW_SETTLEMENT = New settlement
UI_PAY_NOW = Now
UI_PAY_NO_CARRY = Odd cents are given out within the month.
UI_PAY_NO_DELTAS = Nobody gets another amount.
UI_PAY_NO_PAY_CORRECTIONS = No pay was corrected yet. A posted settlement is put right by a correction of it.
UI_PAY_NO_PERCENT = is no percentage from 0 to 100 with at most four digits after the point
UI_PAY_NO_POOLS = There is no pool yet. Make one for a cycle: an amount, and how it is split.
UI_PAY_NO_POOL_READY = No pool can be split now: each is paid or on its way already, or its cycle is not published. Make a pool, or publish the cycle first.
UI_PAY_NO_POSTED_SETTLEMENT = Nothing is posted yet, so there is nothing to put right. A draft is discarded and drafted again.
UI_PAY_NO_RATES = No rate is known yet. One is needed only where money of another currency is reckoned.
UI_PAY_NO_RECORDS_BEHIND = No record is behind this statement.
UI_PAY_NO_SETTLEMENTS = Nothing is settled yet. Draft a settlement from a published cycle and a pool.
UI_PAY_NO_SETTLEMENT_OF_POOL = The pool is not settled yet: draft a settlement of it.
UI_PAY_NO_STATEMENTS = There is no statement here that you may see.
UI_PAY_NOT_PUBLISHED = not published yet
UI_PAY_NUMBER = Number
UI_PAY_NUMBERED = { $at }. { $label }
UI_PAY_OF_THE_POOL = Of the pool
UI_PAY_ONE_OF = One unit of
UI_PAY_ONLY_COUNTING = Show only what counts
UI_PAY_PAID = Paid to people
UI_PAY_PART_FUND_SAID = This part is kept for the team and paid to nobody. Leave the share empty to do without.
UI_PAY_PART_PROPORTIONAL_SAID = Each gets by the points above the floor. Leave the share empty to do without.
UI_PAY_PART_TIERS_SAID = The best tier first. Each tier takes a percentage of the people, or all from a score on; who is in it has its weight. Leave the share empty to do without.
UI_PAY_PERCENT_OF_POOL = Percent of the pool
UI_PAY_POOL = Pool
UI_PAY_POOLS_WAIT = { $count ->
    [one] One pool is not among the choices: the scores of its cycle are not published.
   *[other] { $count } pools are not among the choices: the scores of their cycles are not published.
}
UI_PAY_POOL_NAME_HINT = Such as: Bonus of March.
UI_PAY_POOL_TO_SPLIT_HINT = Only pools whose cycle is published and that are not paid yet.
UI_PAY_POOL_UNIT_HINT = Whom it pays: a unit at or below that of the cycle. Empty means all of the cycle.
UI_PAY_POOL_WAITS = The pool can be settled once the scores of its cycle are published.
UI_PAY_POST = Post
UI_PAY_POSTING_ELSEWHERE = It waits for somebody who may post. You may not.
UI_PAY_POST_SAID = From then on it never changes, and the pool is paid.
UI_PAY_PREPARED_AT = Prepared
UI_PAY_PUBLISHED = published
UI_PAY_QUOTA = percent of the people
UI_PAY_RATE = Rate
UI_PAY_RATES_SAID = A rate holds until the next one of the same currencies. What was said before stays readable.
UI_PAY_RATE_HINT = Such as 7.1234.
UI_PAY_RECORD = Record
UI_PAY_RECORDS_BEHIND = Records behind it
UI_PAY_RECORDS_TRACED = { $count } of { $all } records
# A rate was refused, for the reason that its sentence says.
UI_PAY_ROW_REFUSED = { $said }
UI_PAY_RULE_FUND_SAID = Kept for the team, and paid to nobody.
UI_PAY_RULE_PROPORTIONAL = In proportion to the score
UI_PAY_RULE_PROPORTIONAL_SAID = Each gets by the points above { $floor }.
UI_PAY_RULE_TIERS = By tiers
UI_PAY_RULE_TIERS_SAID = Who is in a tier has its weight; the part is split by the weights.
# A step that cannot be taken back was not confirmed.
UI_PAY_SAY_SURE = say that you are sure
UI_PAY_SCORE = Score
UI_PAY_SETTLEMENT = Settlement
UI_PAY_SETTLEMENT_LINES = What each person gets
UI_PAY_SETTLEMENT_LINES_SAID = Each row leads to the statement: its steps, the score card and the records behind. Scores are of
UI_PAY_SET_RATE = Write the rate
UI_PAY_SHARES_SUM = the shares of all parts sum to { $sum } %, not to 100 %
UI_PAY_SHOW_DIFFERENCE = Show what would change
UI_PAY_SHOW_MORE = Show more
UI_PAY_SOURCE = Who says so
UI_PAY_SOURCE_HINT = Such as the daily fixing of the central bank.
UI_PAY_STATEMENT = Statement
UI_PAY_STEP_APPROVED = Approved
UI_PAY_STEP_DISCARDED = Discarded
UI_PAY_STEP_DRAFTED = Drafted
UI_PAY_STEP_POSTED = Posted
UI_PAY_STEP_PREPARED = Prepared
UI_PAY_STEP_WAITS_APPROVAL = Waits for approval by somebody else
UI_PAY_STEP_WAITS_POSTING = Waits to be posted
UI_PAY_STEP_WITHDRAWN = Withdrawn
UI_PAY_SUM = The sum
UI_PAY_SUM_FAILS = Does not sum to the pool
UI_PAY_SUM_HOLDS = Equal to the pool, to the cent
UI_PAY_SUPERSEDED = No longer counts
UI_PAY_TEAM_FUND = Team fund
UI_PAY_TIER = Tier
UI_PAY_TIER_FROM = from a score of { $score }
UI_PAY_TIER_QUOTA = { $quota } of the people
UI_PAY_TO_CARD = To the score card
UI_PAY_TO_RECORDS = To the records
UI_PAY_TO_SETTLEMENT = The settlement that is put right
UI_PAY_UNIT_HIDDEN = A unit that you may not see
# A page asks for a step that there is not.
UI_PAY_UNKNOWN_STEP = that is no step of this page: load it again
UI_PAY_WEIGHT = Weight
UI_PAY_WEIGHT_OF = { $weight } of { $sum }
UI_PAY_WHAT_WOULD_CHANGE = What would change
UI_PAY_WHO = Who
UI_PAY_WHOLE_GROUP = The whole group
UI_PAY_WHY = What made the difference
UI_PAY_WITHDRAW = Withdraw
UI_PAY_WITHDRAW_SAID = Throws the draft away; nobody's pay changes.
UI_PAY_WOULD_CHANGE = { $people ->
    [one] One person gets another amount: { $more } more and { $less } less. Nothing is written yet.
   *[other] { $people } people get another amount: { $more } more and { $less } less. Nothing is written yet.
}
UI_PAY_WRITTEN_AT = Written
UI_PAY_YOU = you
UI_PAY_YOU_HAD_A_HAND = You prepared or approved it, so somebody else posts it (four eyes).
UI_PAY_YOU_PREPARED = You prepared it, so somebody else approves it (four eyes).

## Console: audit

NAV_AUDIT_LOG = Log
NAV_AUDIT_EXPORTS = Explanations
NAV_AUDIT_CHAIN = Check of the logs
NAV_AUDIT_REPLAY = Replay
UI_CHAIN_SAID = Each service keeps a log of what was done and seen in your group. Every entry is linked to the one before, the newest is signed, and every row names the entry that wrote it. Checking reads it all again: what was changed, inserted or deleted in between is found and named.
UI_CHAIN_SERVICE = Which log
UI_CHAIN_ALL = All of them
UI_CHAIN_CHECK = Check
UI_CHAIN_CHECKING = Reading the log
UI_CHAIN_RESULT = Result of the check
UI_CHAIN_CHECKED = { $count ->
    [one] { $count } entry checked
   *[other] { $count } entries checked
}
UI_CHAIN_WHOLE = Whole
UI_CHAIN_BROKEN = Broken
UI_CHAIN_UNKNOWN = Not known
UI_CHAIN_HOLDS = { $entries ->
    [one] { $entries } entry
   *[other] { $entries } entries
} and { $rows ->
    [one] { $rows } row
   *[other] { $rows } rows
} are as they were written.
UI_CHAIN_FAILS = { $entries ->
    [one] { $entries } entry
   *[other] { $entries } entries
} and { $rows ->
    [one] { $rows } row
   *[other] { $rows } rows
} were read. This is not as it was written, each chain and table by its first place:
UI_CHAIN_EMPTY = Nothing was written in this log yet.
UI_CHAIN_FROM = First entry
UI_CHAIN_TO = Last entry
UI_CHAIN_OUTSIDE = Whoever runs Tally can also hold the logs against signed heads that are kept elsewhere, with tally audit verify: that finds an older database put back whole.
UI_REPLAY_SAID = A closed month follows from what it was made of: the facts and records of then, and the versions of policy and scheme. A replay derives it again and holds it against what is stored. Nothing is changed by it.
UI_REPLAY_WHAT = Which cycle or settlement
UI_REPLAY_CYCLES = Cycles
UI_REPLAY_SETTLEMENTS = Settlements
UI_REPLAY_RUN = Replay
UI_REPLAY_NONE = There is no closed cycle yet that you may read. Once one is closed, it can be replayed here.
UI_REPLAY_RUNNING = Deriving it again
UI_REPLAY_RESULT = Result of the replay
UI_REPLAY_SAME = The same
UI_REPLAY_DIFFERENT = Different
UI_REPLAY_CYCLE_SAME = { $credits ->
    [one] { $credits } credit
   *[other] { $credits } credits
} and { $cards ->
    [one] { $cards } card
   *[other] { $cards } cards
} were derived again. What is stored is the same, to the millionth.
UI_REPLAY_CYCLE_DIFFERENT = { $credits ->
    [one] { $credits } credit
   *[other] { $credits } credits
} and { $cards ->
    [one] { $cards } card
   *[other] { $cards } cards
} were derived again. In { $differing ->
    [one] one place
   *[other] { $differing } places
} what is stored is something else.
UI_REPLAY_PAY_SAME = { $statements ->
    [one] { $statements } statement was
   *[other] { $statements } statements were
} derived again. What is stored is the same, to the cent.
UI_REPLAY_PAY_DIFFERENT = { $statements ->
    [one] { $statements } statement was
   *[other] { $statements } statements were
} derived again. In { $differing ->
    [one] one place
   *[other] { $differing } places
} what is stored is something else.
UI_REPLAY_DIGESTS = Digests
UI_REPLAY_DIGEST = Inputs and results
UI_REPLAY_DIGEST_CREDITS = Credits
UI_REPLAY_DIGEST_INPUTS = Inputs
UI_REPLAY_THEN = Then
UI_REPLAY_NOW = Now
UI_REPLAY_FIRST = These are the first { $count }.
UI_REPLAY_RENAMED = The digest is another one although the result is the same: something goes by another name now, such as somebody who was erased, or the time zone database is another release.
UI_REPLAY_WHERE = Where
UI_REPLAY_STORED = Stored
UI_REPLAY_DERIVED = Derived
UI_REPLAY_WHY = What is different
UI_REPLAY_OF_CREDIT = Credit of { $record } on { $account }
UI_REPLAY_OF_ACCOUNT = Account { $account }
UI_REPLAY_OF_SUM = Sums of { $person }
UI_REPLAY_OF_CARD = Card of { $person }
UI_REPLAY_OF_CYCLE = The cycle
UI_REPLAY_OF_STATEMENT = Statement of { $person }
UI_REPLAY_OF_SETTLEMENT = The settlement
UI_REPLAY_MASKED = What is stored and derived is shown to whoever may read cards and pay.
UI_REPLAY_BROKE = It could not be brought to its end.
UI_AUDIT_BY_PERSON = About a person
UI_AUDIT_BY_ACCOUNT = By an account
UI_AUDIT_BY_THING = About a thing
UI_AUDIT_PERSON = Employee number, or the id of a person
UI_AUDIT_THING = About what
UI_AUDIT_ID = Its id
UI_AUDIT_FROM = From (day)
UI_AUDIT_TO = To (day, included)
UI_AUDIT_FOUND = What the logs tell
UI_AUDIT_ASK = Ask about a person, an account or a thing: all five services answer as one list, the newest first.
UI_AUDIT_NOTHING = The logs tell nothing of this in these days, where you may read.
# The log is searched from or to what is no day.
UI_AUDIT_NO_DAY = "{ $text }" is no day: write one such as 2026-03-31
# Nobody has the employee number that the log is searched by, as far as the reader may know.
UI_AUDIT_NOBODY = nobody whom you may read has the employee number "{ $text }"
# No account has the sign-in name that the log is searched by, as far as the reader may know.
UI_AUDIT_NO_ACCOUNT = there is no account "{ $text }" among those whose names you may read: write its id
UI_AUDIT_SILENT = These services did not answer, so entries of theirs are missing here. Try again.
UI_AUDIT_NEWEST = To the newest
UI_AUDIT_OLDER = Older entries
UI_AUDIT_WHEN = When
UI_AUDIT_WHO = Who
UI_AUDIT_WHAT = What was done
UI_AUDIT_LOG_OF = Log of
UI_AUDIT_NOTES = Notes
UI_AUDIT_ACTION = Action
UI_AUDIT_METHOD = Rpc
UI_AUDIT_POSITION = Position in the chain
UI_AUDIT_SERVICE = the service { $name }
UI_AUDIT_NOBODY_SIGNED_IN = nobody signed in
UI_AUDIT_EXPORTS_SAID = From the whole to the single record: the cards of a cycle, each settlement with its lines, each statement with the records behind it. Each list can be downloaded as it is shown.
UI_AUDIT_NO_MONTHS = No cycle is published yet.
UI_AUDIT_A_CORRECTION = correction
UI_AUDIT_CARDS = Cycle and score cards
UI_AUDIT_LOG_OF_IT = Its log
WORD_SERVICE_IDENTITY = identity
WORD_SERVICE_ATTENDANCE = attendance
WORD_SERVICE_PERFORMANCE = performance
WORD_SERVICE_COMPENSATION = compensation
WORD_SERVICE_TALENT = talent
WORD_THING_ACCOUNT = Account
WORD_THING_ALIAS = Alias
WORD_THING_API_KEY = API key
WORD_THING_ATTRIBUTION_RUN = Attribution run
WORD_THING_BREAK_GLASS = Emergency access
WORD_THING_CARD = Score card
WORD_THING_CATALOGUE = Catalogue
WORD_THING_CLAIM = Claim
WORD_THING_CORRECTION = Correction
WORD_THING_CYCLE = Cycle
WORD_THING_DATA_KEY = Data key
WORD_THING_DELEGATION = Delegation
WORD_THING_DEVICE = Device
WORD_THING_ERASURE = Erasure
WORD_THING_EVENT = Event
WORD_THING_FINDING = Finding
WORD_THING_GRANT = Grant
WORD_THING_HANDOVER = Hand-over
WORD_THING_HOLD = Legal hold
WORD_THING_MEASURE = Measure
WORD_THING_OBSERVATION = Observation
WORD_THING_ORG_UNIT = Unit
WORD_THING_PAY_CORRECTION = Correction of pay
WORD_THING_PERSON = Person
WORD_THING_POOL = Pool
WORD_THING_PRINCIPAL = Account of the suite
WORD_THING_PUNCH = Punch
WORD_THING_RATE = Exchange rate
WORD_THING_RECORD = Service record
WORD_THING_REGION = Region
WORD_THING_REPLIES = Replies
WORD_THING_RETENTION = Retention
WORD_THING_ROLE = Role
WORD_THING_ROSTER = Roster
WORD_THING_ROW = Rows of a list
WORD_THING_SCHEDULE = Schedule
WORD_THING_SCHEDULE_RUN = Run of a schedule
WORD_THING_SCHEME = Scheme
WORD_THING_SESSION = Session
WORD_THING_SETTLEMENT = Settlement
WORD_THING_SITE = Site
WORD_THING_SSO_PROVIDER = Sign-on provider
WORD_THING_STATEMENT = Statement
WORD_THING_SUBJECT = Log about a thing
WORD_THING_TABLE = Table
WORD_THING_TENANT = Group
WORD_THING_TRANSFER = Transfer
WORD_DID_ATTENDANCE_ACCOUNT_READ = Read accounts
WORD_DID_ATTENDANCE_ACCOUNT_WRITE = Wrote accounts
WORD_DID_ATTENDANCE_ALIAS_READ = Read aliases
WORD_DID_ATTENDANCE_ALIAS_WRITE = Wrote aliases
WORD_DID_ATTENDANCE_CORRECTION_APPROVE = Approved a correction
WORD_DID_ATTENDANCE_CORRECTION_MAKE = Put something right
WORD_DID_ATTENDANCE_CORRECTION_READ = Read corrections
WORD_DID_ATTENDANCE_CORRECTION_REJECT = Rejected a correction
WORD_DID_ATTENDANCE_CORRECTION_REQUEST = Asked for a correction
WORD_DID_ATTENDANCE_CORRECTION_WITHDRAW = Withdrew a correction
WORD_DID_ATTENDANCE_DEVICE_READ = Read devices
WORD_DID_ATTENDANCE_DEVICE_WRITE = Wrote devices
WORD_DID_ATTENDANCE_HANDOVER_IMPORT = Brought in hand-overs
WORD_DID_ATTENDANCE_HANDOVER_READ = Read hand-overs
WORD_DID_ATTENDANCE_HANDOVER_RECORD = Handed over an account
WORD_DID_ATTENDANCE_OCCUPANCY_READ = Read who held accounts
WORD_DID_ATTENDANCE_PUNCH_IMPORT = Brought in punches
WORD_DID_ATTENDANCE_PUNCH_READ = Read punches
WORD_DID_ATTENDANCE_PUNCH_RECORD = Punched
WORD_DID_ATTENDANCE_ROSTER_READ = Read rosters
WORD_DID_ATTENDANCE_ROSTER_WRITE = Wrote a roster
WORD_DID_ATTENDANCE_SITE_WRITE = Wrote sites
WORD_DID_COMPENSATION_CORRECTION_APPROVE = Approved a correction of pay
WORD_DID_COMPENSATION_CORRECTION_DRAFT = Drafted a correction of pay
WORD_DID_COMPENSATION_CORRECTION_WITHDRAW = Withdrew a correction of pay
WORD_DID_COMPENSATION_POOL_CREATE = Made a pool
WORD_DID_COMPENSATION_POOL_READ = Read pools
WORD_DID_COMPENSATION_SETTLEMENT_APPROVE = Approved a settlement
WORD_DID_COMPENSATION_SETTLEMENT_DISCARD = Discarded a settlement
WORD_DID_COMPENSATION_SETTLEMENT_DRAFT = Drafted a settlement
WORD_DID_COMPENSATION_SETTLEMENT_POST = Posted a settlement
WORD_DID_COMPENSATION_SETTLEMENT_READ = Read settlements
WORD_DID_COMPENSATION_SETTLEMENT_REPLAY = Replayed a settlement
WORD_DID_COMPENSATION_STATEMENT_READ = Read statements
WORD_DID_COMPENSATION_STATEMENT_READ_PAY = Read pay
WORD_DID_IDENTITY_API_KEY_CREATE = Made an API key
WORD_DID_IDENTITY_API_KEY_EXCHANGE = Signed in with an API key
WORD_DID_IDENTITY_API_KEY_REVOKE = Revoked an API key
WORD_DID_IDENTITY_BREAK_GLASS_END = Ended emergency access
WORD_DID_IDENTITY_BREAK_GLASS_OPEN = Took emergency access
WORD_DID_IDENTITY_BREAK_GLASS_REFUSE = Was refused emergency access
WORD_DID_IDENTITY_BREAK_GLASS_REVIEW = Reviewed emergency access
WORD_DID_IDENTITY_CATALOGUE_IMPORT = Brought in a catalogue
WORD_DID_IDENTITY_DELEGATION_END = Ended a delegation
WORD_DID_IDENTITY_DELEGATION_WRITE = Delegated rights
WORD_DID_IDENTITY_EMPLOYMENT_END = Ended an employment
WORD_DID_IDENTITY_ENTITLEMENT_WRITE = Changed the modules of the group
WORD_DID_IDENTITY_ERASURE_APPROVE = Approved an erasure
WORD_DID_IDENTITY_ERASURE_REJECT = Rejected an erasure
WORD_DID_IDENTITY_ERASURE_REQUEST = Asked for an erasure
WORD_DID_IDENTITY_ERASURE_WITHDRAW = Withdrew an erasure
WORD_DID_IDENTITY_GRANT_READ = Read who may what
WORD_DID_IDENTITY_GRANT_REVOKE = Took a role away
WORD_DID_IDENTITY_GRANT_WRITE = Gave a role
WORD_DID_IDENTITY_HOLD_LIFT = Lifted a legal hold
WORD_DID_IDENTITY_HOLD_SET = Set a legal hold
WORD_DID_IDENTITY_LOGIN_CREATE = Made a login
WORD_DID_IDENTITY_ORG_CLOSE = Closed a unit
WORD_DID_IDENTITY_ORG_IMPORT = Brought in units
WORD_DID_IDENTITY_ORG_MERGE = Merged units
WORD_DID_IDENTITY_PASSWORD_CHANGE = Changed the own password
WORD_DID_IDENTITY_PASSWORD_RESET = Reset a password
WORD_DID_IDENTITY_PERSON_EXPORT = Took out what is held about a person
WORD_DID_IDENTITY_PERSON_IMPORT = Brought in people
WORD_DID_IDENTITY_PERSON_READ = Read people
WORD_DID_IDENTITY_PERSON_READ_PII = Read who people are
WORD_DID_IDENTITY_PERSON_RECTIFY = Put right who a person is
WORD_DID_IDENTITY_RATE_SET = Wrote exchange rates
WORD_DID_IDENTITY_REPORTING_SET = Said who reports to whom
WORD_DID_IDENTITY_REPORTING_END = Ended a reporting line
WORD_DID_IDENTITY_RETENTION_SET = Said how long data are kept
WORD_DID_IDENTITY_ROLE_DEFINE = Defined a role
WORD_DID_IDENTITY_ROLE_RETIRE = Retired a role
WORD_DID_IDENTITY_SECOND_FACTOR_BEGIN = Began a second factor
WORD_DID_IDENTITY_SECOND_FACTOR_CONFIRM = Confirmed a second factor
WORD_DID_IDENTITY_SECOND_FACTOR_REMOVE = Removed a second factor
WORD_DID_IDENTITY_SERVICE_ACCOUNT_CREATE = Made an account for a program
WORD_DID_IDENTITY_SESSION_END = Ended a session
WORD_DID_IDENTITY_SESSION_END_ALL = Ended all sessions
WORD_DID_IDENTITY_SESSION_REFRESH = Went on with a session
WORD_DID_IDENTITY_SESSION_SIGN_IN = Signed in
WORD_DID_IDENTITY_SSO_PUT = Trusted a sign-on provider
WORD_DID_IDENTITY_SSO_REMOVE = Removed a sign-on provider
WORD_DID_IDENTITY_TENANT_INIT = Founded the group
WORD_DID_PERFORMANCE_CARD_READ = Read score cards
WORD_DID_PERFORMANCE_CLAIM_MAKE = Claimed dialogues
WORD_DID_PERFORMANCE_CLAIM_WITHDRAW = Withdrew a claim
WORD_DID_PERFORMANCE_CREDIT_READ = Read credits
WORD_DID_PERFORMANCE_CREDIT_EXPORT = Took out credits
WORD_DID_PERFORMANCE_CYCLE_CANCEL = Stopped closing a cycle
WORD_DID_PERFORMANCE_CYCLE_CLOSE = Began to close a cycle
WORD_DID_PERFORMANCE_CYCLE_FAIL = Could not close a cycle
WORD_DID_PERFORMANCE_CYCLE_PROGRESS = Went on closing a cycle
WORD_DID_PERFORMANCE_CYCLE_PUBLISH = Published a cycle
WORD_DID_PERFORMANCE_CYCLE_READ = Read cycles
WORD_DID_PERFORMANCE_CYCLE_REPLAY = Replayed a cycle
WORD_DID_PERFORMANCE_CYCLE_SCORE = Scored a cycle
WORD_DID_PERFORMANCE_CYCLE_WRITE = Wrote a cycle
WORD_DID_PERFORMANCE_FINDING_APPLY_FIX = Applied the fix of a finding
WORD_DID_PERFORMANCE_OBSERVATION_IMPORT = Brought in observations
WORD_DID_PERFORMANCE_OBSERVATION_READ = Read observations
WORD_DID_PERFORMANCE_OBSERVATION_WITHDRAW = Withdrew an observation
WORD_DID_PERFORMANCE_RECORD_IMPORT = Brought in records
WORD_DID_PERFORMANCE_RECORD_MOVE = Moved a record
WORD_DID_PERFORMANCE_RECORD_READ = Read records
WORD_DID_PERFORMANCE_RECORD_WITHDRAW = Withdrew a record
WORD_DID_PERFORMANCE_REPLY_IMPORT = Brought in replies
WORD_DID_PERFORMANCE_RUN_ATTRIBUTE = Attributed records
WORD_DID_PERFORMANCE_RUN_COLLECT = Collected what an attribution run needs
WORD_DID_PERFORMANCE_RUN_PROGRESS = Went on with an attribution run
WORD_DID_PERFORMANCE_CLAIM_IMPORT = Brought in claims
WORD_DID_PERFORMANCE_RUN_START = Began an attribution run
WORD_DID_PERFORMANCE_SCHEME_EXPORT = Took out a scheme
WORD_DID_PERFORMANCE_SCHEME_IMPORT = Brought in a scheme
WORD_DID_PERFORMANCE_SCHEME_WITHDRAW = Withdrew a scheme
WORD_DID_PERFORMANCE_SCHEME_WRITE = Wrote a scheme
WORD_DID_PERFORMANCE_TRANSFER_APPROVE = Approved a transfer
WORD_DID_PERFORMANCE_TRANSFER_PREPARE = Prepared a transfer
WORD_DID_PERFORMANCE_TRANSFER_RELEASE = Released a transfer
WORD_DID_SUITE_AUDIT_SEARCH = Searched the log
WORD_DID_SUITE_AUDIT_VERIFY = Checked the log
WORD_DID_SUITE_PERSON_ERASE = Erased a person
WORD_DID_SUITE_PERSON_EXPORT = Took out what is held about a person
WORD_DID_SUITE_RETENTION_RUN = Removed what is over
WORD_DID_SUITE_TENANT_EXPORT = Took out all of the group
WORD_DID_TALENT_EVIDENCE_READ = Read evidence
WORD_DID_TALENT_EVIDENCE_RECORD = Recorded evidence
WORD_DID_TALENT_PROFILE_READ = Read profiles

## Console: platform

NAV_SCHEDULES = Closing by itself
NAV_HOLDS = Legal holds
NAV_RETENTION = Retention
NAV_ERASURES = Erasure
UI_HOLD_ON = What is held
UI_HOLD_BY = Set by
UI_HOLD_STANDS = Stands
UI_HOLD_LIFTED = Lifted { $at }: { $reason }
UI_NO_HOLDS = Nothing is on hold.
UI_NEW_HOLD = Put on hold
UI_HOLDS_SAID = What is on hold is neither erased nor removed when its time is over, in any service.
UI_HOLD_ALL_HINT = Leave it empty to hold the whole group.
UI_LIFT_HOLD = Lift the hold
UI_LIFT_SAID = { $of } is on hold ({ $reason }). Once it is lifted, what is over may be removed for good.
UI_NAME_NOBODY = Such as the number of a case. Name nobody: it is kept longer than the person's data.
UI_MONTHS_KEPT = Months kept
UI_MONTHS_BOUNDS = Bounds
UI_MONTHS_WITHIN = { $least } to { $most }; { $usual } unless set
UI_COUNTED_FROM = Counted from
UI_WHY_KEPT = Why it is kept
UI_RETENTION_SAID = How long each kind of data is kept, in every service. What is over is removed by the cleaning that operators let run.
UI_RETENTION_SHORTER = Set fewer months, and the next cleaning removes for good what is over by then.
UI_NUMBER_WANTED = Type a whole number.
UI_ERASURE_WAITS = Waits for an approval
UI_ERASURE_UNDER_WAY = Under way
UI_ERASURE_COMPLETED = Erased everywhere
UI_ERASURE_DROPPED = Dropped
UI_WHY_DROPPED = Why it was dropped
UI_NO_ERASURES = Nobody has been asked to be erased.
UI_NEW_ERASURE = Ask to erase somebody
UI_ERASURES_SAID = Somebody who has left is erased once one person asks for it and another approves. Results that others are paid by stay, without the name.
UI_APPROVE_ERASURE = Approve and erase
UI_APPROVE_ERASURE_SAID = { $name } is erased in every service. It cannot be undone.
UI_REJECT_ERASURE = Reject
UI_WITHDRAW_ERASURE = Take back
UI_WHAT_SERVICES_DID = What each service did
UI_ROWS_ERASED = rows cleared
UI_NEXT_CLOSING = Next closing
UI_LAST_RUN_FAILED = The last run failed
UI_RUNS_BY_ITSELF = Runs by itself
UI_NO_SCHEDULES = No month is closed by itself yet.
UI_SCHEDULES_SAID = Months that are closed by themselves. Nothing is published by itself.
UI_CLOSES = Closes
UI_CLOSES_ON = on day { $day } of the month after, { $time } ({ $zone })
UI_LOOKS_FIRST = Looks first
UI_WAITS_MINUTES = and closes { $minutes } minutes later unless somebody stops it
UI_WAS_DUE = Due
UI_GOES_ON = Goes on
UI_STOP_RUN = Stop this run
UI_BEGIN_MONTH = Begin a month by hand
UI_BEGIN_SAID = For a month that is over and was not begun, or whose run failed or was stopped.
UI_MONTH = Month
UI_MONTH_HINT = Such as 2026-03.
UI_SCHEDULE_RUNS = Runs
UI_NO_RUN_YET = Nothing has run yet.
WORD_SCHEDULE_RUN_STATE_LOOKING = Looks what is missing
WORD_SCHEDULE_RUN_STATE_WAITING = Waits, then closes
WORD_SCHEDULE_RUN_STATE_CLOSING = Is being closed
WORD_SCHEDULE_RUN_STATE_DONE = Closed
WORD_SCHEDULE_RUN_STATE_FAILED = Failed
WORD_SCHEDULE_RUN_STATE_STOPPED = Stopped
DONE_HOLD_SET = It is on hold.
DONE_HOLD_LIFTED = The hold is lifted.
DONE_RETENTION_SET = The months are saved.
DONE_ERASURE_ASKED = Asked for. Somebody else approves it.
DONE_ERASURE_APPROVED = Approved; the services erase now.
DONE_ERASURE_REJECTED = Rejected.
DONE_ERASURE_WITHDRAWN = Taken back.
DONE_SCHEDULE_RUN_STOPPED = The run is stopped.
DONE_SCHEDULE_RUN_BEGUN = The month has begun.

## Files of a bundle: what each is, and its columns (also heads that are read)

SHEET_PEOPLE = Who works where, since when
SHEET_ACCOUNTS = The platforms' accounts and how they are used
SHEET_RECORDS = The month's service records
SHEET_REPLIES = When which side wrote in a record; never what
SHEET_CLAIMS = Who said with a click that a dialogue is theirs
SHEET_ROSTERS = Who was planned for which account
SHEET_PUNCHES = Who came and went
SHEET_HANDOVERS = Who took over and gave back an account
SHEET_ALIASES = Who is behind a nickname
SHEET_DEVICES = Whose a workstation, browser or seat is
SHEET_OBSERVATIONS = Values that are no records: traffic, conversion, cost, training
SHEET_RATES = What one currency is worth in another
SHEET_GROUP = Name, currency, zone, period and regions of the group
HEAD_EMPLOYEE_NO = Employee number
HEAD_PLATFORM = Platform
HEAD_STORE = Store
HEAD_ACCOUNT = Account
HEAD_ZONE = Time zone
HEAD_NAME = Name
HEAD_ORG_UNIT = Unit
HEAD_POSITION = Position
HEAD_GRADE = Grade
HEAD_HIRED_ON = Hired on
HEAD_LEFT_ON = Last day of work
HEAD_EMPLOYMENT_KIND = Employed as
HEAD_PHASE = Phase
HEAD_CAPACITY = Dialogues at once
HEAD_TEAM = Team
HEAD_PHASE_FROM = Phase begins on
HEAD_EXCLUSIVE = One person at a time
HEAD_ALIAS = Nickname
HEAD_FROM = First day
HEAD_TO = Last day
HEAD_DEVICE = Device
HEAD_SEAT = Seat
HEAD_EXTERNAL_ID = Record number
HEAD_STARTED_AT = Began at
HEAD_ENDED_AT = Ended at
HEAD_AGENT = Agent
HEAD_KIND = Kind
HEAD_FIRST_REPLY_SECONDS = First reply (seconds)
HEAD_RESOLVED = Resolved
HEAD_RATING = Rating
HEAD_AMOUNT = Amount
HEAD_CUSTOMER = Customer
HEAD_REVISION = Revision
HEAD_CURRENCY = Currency
HEAD_REFERS_TO = Refund of record
HEAD_REVISED_AT = Changed at
HEAD_CONTRIBUTORS = Contributors
HEAD_AT = Time
HEAD_BY = Written by
HEAD_START = Shift begins
HEAD_END = Shift ends
HEAD_MEASURE = Measure
HEAD_SUBJECT_KIND = Kind of subject
HEAD_SUBJECT = Subject
HEAD_VALUE = Value
HEAD_SOURCE = Source
HEAD_RUN_BY = Run by
HEAD_DATE = Date
HEAD_RATES_FROM = From currency
HEAD_RATES_TO = To currency
HEAD_RATE = Rate

## Console: bring your month

NAV_BRING = Bring a month
UI_BRING_CHOOSE = Files of a month
UI_BRING_SEND_SAID = CSV and YAML files, or one ZIP of them, together at most { $megabytes } MB. Nothing is written into the suite before you have seen what was read; files are kept for { $hours } hours.
UI_BRING_PERIOD = Days of the month
UI_BRING_PERIOD_SAID = Only where the records are of more days than should be brought. Without them it is the calendar month that holds all records.
UI_BRING_SEND = Read the files
UI_BRING_ENOUGH = Three uploads wait already: import or throw away one of them first.
UI_BRING_UPLOADS = Uploads
UI_BRING_UPLOAD = Upload
UI_BRING_NO_UPLOADS = Nothing was handed in.
UI_BRING_AT = Handed in
UI_BRING_FILES = Files
UI_BRING_FILE = File
UI_BRING_WHAT = What it is
UI_BRING_SHEETS = What a month is made of
UI_BRING_SHEETS_SAID = Each form has the heads of your language and some rows that show how it is filled in; take those out. Exports of platforms are read as they are where their heads are known. Columns with * must be there; every other may be missing.
UI_BRING_NEEDED = needed
UI_BRING_FORM = Form
UI_BRING_WAITS = Read
UI_BRING_RUNS = Being imported
UI_BRING_STOPPED = Stopped
UI_BRING_DONE = Imported
UI_BRING_READING = Reading the files
UI_BRING_ROWS = Rows
UI_BRING_READ = Read
UI_BRING_WRITTEN = New
UI_BRING_REVISED = Replaced
UI_BRING_UNCHANGED = There already
UI_BRING_REFUSED = Not taken by the suite
UI_BRING_REJECTED = Rejected rows
UI_BRING_LEFT_OUT = Joined or left out
UI_BRING_COLUMNS = Columns
UI_BRING_COLUMNS_SAID = What each column of the files was taken for. One that is not read changes nothing; a column of records that is none of a bundle's is a measure of its own.
UI_BRING_NO_COLUMNS = No columns were read.
UI_BRING_HEAD = Head in the file
UI_BRING_TAKEN_FOR = Taken for
UI_BRING_NAME = Its name in Tally
UI_BRING_MEASURE = a measure
UI_BRING_NOT_READ = not read
UI_BRING_FINDINGS = Findings
UI_BRING_FINDINGS_SAID = What was converted, joined or is worth knowing. None of it stops the import.
UI_BRING_NO_FINDINGS = Nothing to remark.
UI_BRING_SUBJECT = What it is about
UI_BRING_SAID = What was found
UI_BRING_COUNT = How many
UI_BRING_REJECTED_SAID = These rows could not be read and are not imported; all others are. Put them right in the file and hand it in again: what is in counts as there already.
UI_BRING_NO_REJECTED = Every row was read.
UI_BRING_LINE = Line
UI_BRING_COLUMN = Column
UI_BRING_REASON = Why
UI_BRING_CURE = What to change
UI_BRING_CODE = Code
UI_BRING_ROW = Row
UI_BRING_REFUSED_SAID = These rows were read, and the suite did not take them; all others are in. Put them right in the file or in the suite, and import again.
UI_BRING_NO_REFUSED = The suite took every row.
UI_BRING_LISTS = Look at it
UI_BRING_CENSUS = In the suite
UI_BRING_BEFORE = Before
UI_BRING_AFTER = Now
UI_BRING_IMPORT_HEAD = Import it
UI_BRING_IMPORT_SAID = Rows that are in already count as there and are not written twice. What is in the suite and differs is not overwritten: such rows are listed afterwards.
UI_BRING_IMPORT = Import the month
UI_BRING_GO_ON = Go on
UI_BRING_GO_ON_SAID = { $rows ->
    [one] { $rows } row is
   *[other] { $rows } rows are
} in. Going on begins where it stopped: what is in counts as there already.
UI_BRING_BROKE_OFF = The import broke off because the program that ran it ended.
UI_BRING_STOP = Stop the import
UI_BRING_DISCARD = Throw the upload away
UI_BRING_DAMAGED = Write these rows as they are
UI_BRING_MADE_GROUP = group.yaml was not among the files: name, currency, zone and regions are those of the group here.
UI_BRING_OTHERS = Not read, since they are no files of a month: { $names }
UI_BRING_NEXT = What comes next
UI_BRING_NEXT_CYCLE = Begin a cycle
UI_BRING_NEXT_RUN = Attribution runs
UI_BRING_NEXT_PEOPLE = People
DONE_UPLOAD_DISCARDED = The upload was thrown away.
# Somebody hands in a month while three of theirs wait.
BRING_TOO_MANY = { $count } uploads of yours wait already: import or throw away one of them first
# The uploads of all have as many bytes as they may.
BRING_FULL = there is no room for more uploads just now: try again later, or ask who runs Tally
# The folder of the uploads cannot be written.
BRING_NO_PLACE = the folder of the uploads cannot be used ({ $error }): ask who runs Tally
# An upload has no file, or none of a month.
BRING_NOTHING = no file came: choose the CSV and YAML files of a month, or one ZIP of them
    .others = none of these is a file of a month: { $names }. A month is people.csv, accounts.csv, records.csv and others by these names
# An upload has more bytes than it may, packed or not.
BRING_TOO_LARGE = the files are larger than { $megabytes } MB, packed or unpacked: hand in fewer days at once, or use tally import
# Two files of an upload have one name.
BRING_TWICE = { $name } comes twice: hand in one of them
# A workbook instead of CSV.
BRING_WORKBOOK = { $name } is a workbook: save each of its sheets as CSV (UTF-8), and hand those in
# An archive with too many files.
BRING_ARCHIVE_MANY = the ZIP holds { $count } files: pack the files of one month alone
# An archive with a path or a link out of it.
BRING_ARCHIVE_LEADS_OUT = { $name } in the ZIP leads out of its folder: pack the files anew, without links
# An archive with a password.
BRING_ARCHIVE_LOCKED = the ZIP has a password: pack it without one
# An archive that was packed in another way.
BRING_ARCHIVE_UNKNOWN = the ZIP is packed in a way that is not read here: pack it anew as an ordinary ZIP
# An archive that cannot be read.
BRING_ARCHIVE_DAMAGED = the ZIP is damaged or is none: pack it anew
# One day of a period without the other, or the wrong way round.
BRING_PERIOD = a first and a last day belong together, the first before the last
BRING_SESSION_ENDED = Your sign-in ended meanwhile: sign in again and go on.
# An import of values that were lost, which nobody has accepted.
BRING_DAMAGED = values were lost on the way into the files: say that the rows go in as they are, or hand in files that have them
# An upload is thrown away while it is imported.
BRING_STILL_RUNS = the import goes on: stop it first

## Console: invitations and forgotten passwords

UI_INVITE = Invite
UI_INVITATION = Invitation
UI_JOIN = Set the password
UI_JOIN_HEAD = Welcome to Tally
UI_JOIN_SAID = Choose a password of your own. The one that you were given works once.
UI_FORGOTTEN = Password forgotten?
UI_FORGOTTEN_SAID = Whoever gives out logins in your group is told, and hands you a new way in. If you sign in with your company's account, ask there.
UI_ASK_FOR_PASSWORD = Ask for a new password
UI_COPY = Copy
UI_RESET_ASKED = Asks for a new password
UI_INVITED = Invited
UI_INVITATION_OVER = Invitation is over
UI_RESETS_ASKED = { $count ->
    [one] { $count } login asks
   *[other] { $count } logins ask
} for a new password: open it to make one, and hand it over where you know that it is them.
DONE_PASSWORD_ASKED_FOR = If there is such a login, whoever gives out logins has been told.

## Console: the platform's overview, group, transfers, what is kept, sessions

NAV_OVERVIEW = Overview
NAV_GROUP = The group
NAV_KEPT = What is kept of a person
NAV_TRANSFERS = Transfers
UI_NOTHING_WAITS = Nothing waits for you.
UI_WAITING_RESETS = ask for a new password
UI_WAITING_ERASURES = wait for somebody else's approval
UI_WAITING_TRANSFERS = wait for somebody else's approval
UI_WAITING_SCHEDULES = failed the last time
UI_WAITING_HOLDS = stand
UI_GROUP_IN_USE = In use
UI_GROUP_SUSPENDED = Suspended
UI_REGIONS = Regions
UI_REGION_HINT = Such as cn-north; a stack must serve it.
UI_ADD_REGION = Add a region
UI_ADD_REGION_SAID = Where data of the group may live from now on. A region is not taken away again.
UI_MODULES = Parts of the suite
UI_MODULES_SAID = What the group does not have is refused to everybody; its data stay.
UI_SUSPEND_GROUP = Suspend the group
UI_SUSPEND_SAID = Nobody of the group reads or writes anything until it is resumed; its data stay, and can be taken along.
UI_RESUME_GROUP = Resume the group
UI_RESUME_SAID = Everybody works again as before.
UI_KEPT_GET = Download what is kept
UI_KEPT_SAID = One JSON file with every row that each service holds of the person and that you may read. Each service notes who read it.
UI_NO_TRANSFERS = Nothing has left this region.
UI_TRANSFERS_SAID = Only sums of at least five people, or pseudonyms, leave a region, after somebody else has approved it. Purpose and legal basis stay here.
UI_NEW_TRANSFER = Prepare a transfer
UI_PREPARE_TRANSFER = Prepare
UI_TRANSFER_CYCLE_HINT = For a report: a published cycle of exactly one month.
UI_TRANSFER_WAY = From and to
UI_TRANSFER_ITEMS = Cells or pseudonyms
UI_FROM_REGION = From region
UI_TO_REGION = To region
UI_LEGAL_BASIS = Legal basis
UI_RELEASE_TRANSFER = Download the file
UI_TAKE_TRANSFER = Take a file in
UI_TRANSFER_FILE = The file
UI_TRANSFER_FILE_HINT = Both lines of it, as the other region gave it.
UI_RELEASED = Released
UI_RETENTION_RUN = Remove what is over
UI_RETENTION_RUN_SAID = Everything that is older than its period and that no hold covers is removed now, for good, in every service.
UI_RETENTION_RAN = What was removed
UI_NOTHING_WAS_OVER = Nothing was over.
UI_TABLE = Table
UI_OLDER_THAN = Older than
UI_ROWS_REMOVED = Rows removed
UI_SESSIONS_OF = Sessions of { $name }
UI_SESSIONS_SAID = Where somebody is signed in, and keys of programs. Ending them ends the console and the command line at once.
UI_SESSION_CLIENT = Where
UI_SESSION_METHOD = How
UI_SESSION_BEGAN = Since
UI_END_SESSIONS = End all sessions
UI_END_SESSIONS_SAID = Whoever is signed in there has to sign in again, and the keys of a program stop working.
UI_NO_SESSIONS = Nobody is signed in there.
WORD_SESSION_PASSWORD = Password
WORD_SESSION_OIDC = Provider
WORD_SESSION_API_KEY = Key of a program
WORD_KEPT_ATTENDANCE_ALIASES = Nicknames
WORD_KEPT_ATTENDANCE_DUTY = Rosters, punches and hand-overs
WORD_KEPT_COMPENSATION_PAY = Pay
WORD_KEPT_IDENTITY_PERSON = People who left
WORD_KEPT_IDENTITY_SESSIONS = Sessions
WORD_KEPT_PERFORMANCE_RECORDS = Service records
WORD_KEPT_PERFORMANCE_RESULTS = Credits, cards and cycles
WORD_KEPT_SUITE_REQUESTS = Answers to repeated requests
WORD_KEPT_TALENT_EVIDENCE = Evidence of talent
WORD_TRANSFER_KIND_UNSPECIFIED = Transfer
WORD_TRANSFER_KIND_REPORT = Report of a month
WORD_TRANSFER_KIND_DIRECTORY = Directory of pseudonyms
WORD_TRANSFER_STAGE_UNSPECIFIED = Not known
WORD_TRANSFER_STAGE_PREPARED = Waits for approval
WORD_TRANSFER_STAGE_APPROVED = Approved
WORD_TRANSFER_STAGE_RELEASED = Released
WORD_TRANSFER_STAGE_WITHDRAWN = Taken back
WORD_TRANSFER_STAGE_REJECTED = Refused
DONE_MODULES_SET = The parts of the suite are set.
DONE_REGION_ADDED = The region is added.
DONE_GROUP_SUSPENDED = The group is suspended.
DONE_GROUP_RESUMED = The group is in use again.
DONE_TRANSFER_PREPARED = The transfer waits for approval.
DONE_TRANSFER_DONE = Done.
DONE_TRANSFER_TAKEN = The file is taken in.
UI_TRANSFER_DROPPED = Taken back or refused
DONE_LOGIN_SESSIONS_ENDED = All sessions of the login are ended.
UI_NEW_SCHEDULE = New schedule
UI_CHANGE_SCHEDULE = Change the schedule
UI_DELETE_SCHEDULE = End the schedule
UI_DELETE_SCHEDULE_SAID = No further month of “{ $name }” is closed by itself. Runs that wait are stopped; what was closed stays.
UI_SCHEDULE_RIGHT = Months are closed by your right from now on. If you lose it, the schedule stops until somebody else who has it saves this form.
UI_SCHEDULE_NAME = Name of the schedule
UI_SCHEDULE_NAME_HINT = Cycles are called by it and the month.
UI_SCHEDULE_DAY = Day of the month after
UI_SCHEDULE_DAY_HINT = 1 to 31; in a month that is shorter, its last day.
UI_SCHEDULE_TIME = At
UI_DRY_FIRST = Look first who is in and what is missing, then wait
UI_DELAY_MINUTES = Minutes to wait before it closes
UI_DELAY_MINUTES_HINT = At most 10,080 (a week). Somebody can stop it until then.
UI_RUN_FROM_ABOVE = Use the attribution of a unit above
UI_RUN_FROM_ABOVE_HINT = For a unit that shares accounts or people with another one: its month waits for the attribution above.
UI_SCHEME_NEWEST = { $name }, always the newest version
UI_SCHEME_UNREAD = The scheme it has, which you may not read
DONE_SCHEDULE_MADE = The schedule is set up.
DONE_SCHEDULE_CHANGED = The schedule is changed.
DONE_SCHEDULE_DELETED = The schedule has ended.
UI_GROUP_NAME = Name of the group
