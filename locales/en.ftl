### The English sentences of Tally. An id in UPPER_SNAKE is a reason of errors, findings or rejected rows; the comment above it
### says when it is given. A sentence says what to do; it is cut into nothing and glued to nothing.

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

## Every service

# A fault of ours.
INTERNAL = something went wrong on our side; the operator's log has the details
# Nothing there, or nothing that the caller may know of.
NOT_FOUND = no { $resource } { $id } that you may see
# Wrong fields; the details name each.
INVALID_REQUEST = { $count ->
    [one] { $count } field is wrong; the details name it
   *[other] { $count } fields are wrong; the details name each
}
INVALID_FIELD = { $field }: { $problem }
TEXT_EMPTY = must not be empty
TEXT_TOO_LONG = at most { $max } characters
# A language that the suite does not speak.
LOCALE_UNKNOWN = a language we speak is expected: en or zh-CN
# Not a UUID.
ID_MALFORMED = a UUID is expected
# The token belongs to another list.
PAGE_TOKEN_INVALID = the page token does not belong to this list: start again without one

## Numbers, money, time

DECIMAL_MALFORMED = "{ $text }" is no decimal with at most six places
SHARE_OUT_OF_RANGE = a share is 0 to 1000000 millionths, not { $ppm }
CURRENCY_UNKNOWN = "{ $text }" is no active ISO 4217 code: write three capital letters such as CNY
AMOUNT_MALFORMED = "{ $text }" is no amount: write digits with at most one point, such as 1234.50, without separators or signs of money
AMOUNT_TOO_FINE = "{ $text }" is finer than { $currency } allows: at most { $digits } digits after the point
AMOUNT_TOO_LARGE = the amount is too large
CURRENCY_MISMATCH = { $one } and { $other } cannot be summed: convert one of them first
SPLIT_WITHOUT_PEOPLE = nobody to split among
SPLIT_WITHOUT_WEIGHT = all weights are zero, so there is no rule to split by
SPLIT_DUPLICATE_ID = an id is there twice
SPLIT_WEIGHTS_TOO_LARGE = the weights are too large for exact arithmetic: divide all of them by a common factor
ZONE_UNKNOWN = "{ $zone }" is no IANA time zone: write a name such as Asia/Shanghai
TIME_MALFORMED = "{ $text }" is no time: write 2026-03-02T08:00:00+08:00, or 2026-03-02 08:00:00 for local time
TIME_IN_GAP = { $local } does not exist in { $zone }: the clocks were put forward over it
TIME_OUT_OF_RANGE = the date is out of range
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
PASSWORD_WEAK = this password is easily guessed: take a longer or a rarer one
# The person is not employed.
EMPLOYMENT_ENDED = you are not employed today: ask those who keep the group's people
# The group's plan lacks the module.
MODULE_NOT_ENTITLED = the group has not taken this module: ask whoever operates the suite
# The group may read and nothing else.
TENANT_SUSPENDED = the group is suspended: whoever operates it can resume it
# The data live in another region's stack.
REGION_NOT_SERVED = the data of region { $region } live in another stack: ask there
# The question is by a field that the caller may not read.
FIELD_NOT_READABLE = you may not read { $field }, so you may not ask by it
# No grant reaches it.
PERMISSION_DENIED = you may not do this: ask for a grant
# The caller had a hand in an earlier step.
FOUR_EYES_REQUIRED = this takes somebody else: whoever had a hand in an earlier step, also by lending or borrowing the right, cannot take this one

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
PEER_REFUSES_CERTIFICATE = the server does not take the certificate that it was shown ({ $why }): ask its operator which authority signs those of callers
# The address begins with https, and whoever listens there knows no TLS.
PEER_SPEAKS_PLAINTEXT = the address begins with https://, and the server there speaks no TLS: write http://, or ask its operator for the right port
# The address begins with http, and whoever listens there wants TLS.
PEER_SPEAKS_TLS = the address begins with http://, and the server there speaks TLS: write https://
# Something else about TLS.
PEER_TLS_FAILED = the encrypted connection could not be made: { $why }
# A certificate, a key or an authority that cannot be read, or no authority at all.
PEER_CERTIFICATES_UNUSABLE = the certificates for this server cannot be used: { $why }. Name the file of the authority that signed the server's certificate (--ca, or client.authority)
# A peer refused without a reason of ours.
PEER_FAILED = a service that this call needs refused it
# This request_id belongs to a request with another body.
REQUEST_ID_REUSED = this request_id belongs to an earlier request with another content: take a new one

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
## Bringing a bundle into a running suite

# A row names somebody whom the suite does not have.
PERSON_NOT_IN_SUITE = the suite has nobody with the employee number { $number } whom you may see: put right why that row of people.csv was refused, then run the import again
# A row names an account that the suite does not have.
ACCOUNT_NOT_IN_SUITE = the suite has no account { $label } that you may see: put right why that row of accounts.csv was refused, then run the import again
# The connection broke or a call failed between two chunks.
IMPORT_STOPPED = the import stopped with { $rows } rows in place; run the same command again: what is in counts as there already
IMPORT_HEADING = What the import brought, { $from } to { $to }
IMPORT_WRITTEN = written
IMPORT_UNCHANGED = there already
IMPORT_REFUSED = refused
IMPORT_CENSUS = What the suite holds, as you may see it
IMPORT_BEFORE = before
IMPORT_AFTER = after
IMPORT_UNITS = org units
IMPORT_PEOPLE = people
IMPORT_ACCOUNTS = accounts
IMPORT_ALIASES = aliases
IMPORT_SHIFTS = shifts of the period
IMPORT_SHIFT_HOURS = their hours
IMPORT_PUNCHES = punches of the period
IMPORT_HANDOVERS = hand-overs of the period
IMPORT_RECORDS = records of these accounts in the period
IMPORT_RECORD_HOURS = their hours
IMPORT_AMOUNT = their sales, minor units
IMPORT_REJECTED_ROWS = { $rows } rows could not be read; { $file } names each with its cure.
IMPORT_REFUSED_ROWS = { $rows } rows were not taken by the suite; { $file } names each with its reason.
IMPORT_NEEDS = an import is for an account that may read and write units, people, duty and records, such as one with the role group_hr
