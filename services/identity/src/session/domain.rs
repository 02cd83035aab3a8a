//! Passwords, the brake on wrong ones, sessions and the tokens that carry them on.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use strum_macros::{Display, EnumString};
use tally_access::Permission;
use tally_kernel::dated::Days;
use tally_kernel::id::{PersonId, PrincipalId, SessionId, TenantId};
use tally_kernel::{Bucket, Error, Kind, Message, Rng, msg};
use uuid::Uuid;
use zeroize::Zeroizing;
use zxcvbn::feedback::{Feedback, Warning};

/// Life of an access token: what a stolen one is good for, were it not for the session behind it.
pub const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// A session that nobody refreshes ends after this time: a fortnight's leave does not sign anybody out.
const IDLE_LIFE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// No session lives longer, however often it is refreshed: once a quarter everybody proves again who he is.
const WHOLE_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long a one-time password waits to be used: over a weekend.
pub const ONE_TIME_LIFE: SignedDuration = SignedDuration::from_hours(72);
/// Life of the password of somebody who is invited: a week, since nobody waits for it at the door.
pub const INVITED_LIFE: SignedDuration = SignedDuration::from_hours(168);
/// Wrong passwords at one name: five in a row, and another one every three minutes.
pub const WRONG_PASSWORDS: Bucket = Bucket::new(5, SignedDuration::from_mins(3));

/// What can be wrong with signing in, sessions and logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionError {
    /// Wrong name, wrong password, wrong code, or too many tries: nobody is told which.
    Refused,
    /// The password is right, and a code is missing.
    SecondFactorNeeded,
    /// The password was for one sign-in, and none came to replace it.
    MustChange,
    /// The password is right, and the person is not employed today.
    NotEmployed,
    /// The password is too easy to guess; why.
    Weak(Option<Message>),
    /// The session ended, or never was.
    Ended,
    /// No such refresh token, or its session ended.
    RefreshRefused,
    /// The refresh token was used before; its session is ended.
    RefreshReused,
    /// The name is taken.
    LoginTaken,
    PersonHasLogin,
}

/// A sign-in name, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoginName(String);

impl LoginName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for LoginName {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let name = text.trim().to_lowercase();
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
        if (2..=100).contains(&name.chars().count()) && name.chars().all(allowed) {
            return Ok(Self(name));
        }
        Err(Error::of(Kind::InvalidArgument, msg!("LOGIN_MALFORMED")))
    }
}

/// A password: never printed, wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// A password to try: anything that was typed.
    pub fn typed(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// A password to be set.
    ///
    /// # Errors
    /// `PASSWORD_UNUSABLE` under 12 or over 256 characters.
    pub fn chosen(text: String) -> Result<Self, Error> {
        match text.chars().count() {
            12..=256 => Ok(Self(Zeroizing::new(text))),
            _ => Err(Error::of(Kind::InvalidArgument, msg!("PASSWORD_UNUSABLE"))),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// The argon2id hash of a password as a PHC string. Takes tens of milliseconds: run it on the compute pool.
///
/// # Errors
/// A fault of ours.
pub fn hash(password: &Password, salt: [u8; 16]) -> Result<String, Error> {
    let hash: PasswordHash =
        Argon2::default().hash_password_with_salt(password.0.as_bytes(), &salt).map_err(Error::internal)?;
    Ok(hash.to_string())
}

/// Whether the password is the one of this hash. As slow as [`hash`].
///
/// # Errors
/// A fault of ours: a stored hash that cannot be read is not a wrong password.
pub fn verify(password: &Password, hash: &str) -> Result<bool, Error> {
    let hash = PasswordHash::new(hash).map_err(|e| Error::internal(format_args!("a stored password's hash: {e}")))?;
    // Longer ones were never accepted: do not let them cost anything.
    if password.0.len() > 1024 {
        return Ok(false);
    }
    match Argon2::default().verify_password(password.0.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(e) => Err(Error::internal(format_args!("checking a password: {e}"))),
    }
}

/// The hash of a password that is hard enough to guess. Takes tens of milliseconds: run it on the compute pool.
///
/// `about` is what whoever guesses would try first: the sign-in name, the person's name, the group's name.
///
/// # Errors
/// [`SessionError::Weak`] below the estimator's third of four steps: under 10^8 guesses.
pub fn hash_chosen(password: &Password, about: &[String], salt: [u8; 16]) -> Result<String, Error> {
    let about: Vec<String> = about.iter().flat_map(|text| spellings(text)).collect();
    let about: Vec<&str> = about.iter().map(String::as_str).collect();
    let estimate = zxcvbn::zxcvbn(&password.0, &about);
    if estimate.score() < zxcvbn::Score::Three {
        return Err(SessionError::Weak(estimate.feedback().and_then(Feedback::warning).map(weakness)).into());
    }
    hash(password, salt)
}

/// What makes a password easy to guess.
fn weakness(warning: Warning) -> Message {
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess => {
            msg!("WEAK_BY_KEYBOARD")
        }
        Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => {
            msg!("WEAK_BY_REPEATS")
        }
        Warning::ThisIsATop10Password
        | Warning::ThisIsATop100Password
        | Warning::ThisIsACommonPassword
        | Warning::ThisIsSimilarToACommonlyUsedPassword => msg!("WEAK_BY_FAME"),
        Warning::SequencesLikeAbcAreEasyToGuess => msg!("WEAK_BY_SEQUENCE"),
        Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess => msg!("WEAK_BY_DATE"),
        Warning::AWordByItselfIsEasyToGuess
        | Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
        | Warning::CommonNamesAndSurnamesAreEasyToGuess => msg!("WEAK_BY_WORD"),
    }
}

/// A name, its words, and its words in one.
fn spellings(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut all = vec![text.to_owned(), words.concat()];
    all.extend(words.into_iter().map(str::to_owned));
    all
}

/// A password for one sign-in: 120 random bits in letters that are not mistaken for each other.
pub fn one_time_password() -> Zeroizing<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes: Zeroizing<[u8; 24]> = Zeroizing::new(Rng::System.bytes());
    Zeroizing::new(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

/// What stands behind a principal that can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Somebody the group employs.
    Person(PersonId),
    /// A login without a person.
    User,
    /// A program, which has keys instead of a password.
    Account,
}

/// A principal as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub id: PrincipalId,
    /// Sign-in name, name of an account, or `service/<name>`.
    pub name: String,
    /// What stands behind it; nothing for a service.
    pub holder: Option<Holder>,
    /// The PHC string; nothing for services and accounts, which have keys.
    pub password_hash: Option<String>,
    /// Until when the password is good for one sign-in that replaces it; nothing when it stays.
    pub one_time_until: Option<Timestamp>,
    /// Since when a new password is asked for.
    pub reset_asked_at: Option<Timestamp>,
}

impl Principal {
    /// The person behind it.
    pub fn person(&self) -> Option<PersonId> {
        match self.holder {
            Some(Holder::Person(person)) => Some(person),
            Some(Holder::User | Holder::Account) | None => None,
        }
    }
}

/// Wrong passwords since the last right one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// When all of [`WRONG_PASSWORDS`] are there again; nothing when they are.
    pub full_at: Option<Timestamp>,
}

impl Tries {
    /// Whether a try is not even looked at.
    pub fn blocked(&self, now: Timestamp) -> bool {
        self.take(now).is_err()
    }

    /// After one more wrong password.
    pub fn failed(self, now: Timestamp) -> Self {
        self.take(now).map_or(self, |full_at| Self { full_at: Some(full_at) })
    }

    fn take(&self, now: Timestamp) -> Result<Timestamp, Duration> {
        WRONG_PASSWORDS.take(self.full_at.unwrap_or(Timestamp::MIN), now)
    }
}

/// How a session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Method {
    Password,
    /// At an identity provider.
    Oidc,
    /// With an API key: the session is the key.
    ApiKey,
}

/// How a session is about to begin.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    pub method: Method,
    /// What the caller calls itself.
    pub client: &'a str,
    /// Whether a second factor was shown.
    pub second_factor: bool,
}

/// A sign-in that lasts, or an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub principal: PrincipalId,
    pub method: Method,
    /// What the caller called itself, or what the key is for.
    pub client: String,
    /// Whether a second factor was shown.
    pub second_factor: bool,
    /// What it is limited to; nothing means all that the principal may.
    pub permissions: Option<BTreeSet<Permission>>,
    pub created_at: Timestamp,
    /// When it was begun, refreshed or traded last.
    pub used_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When somebody ended it.
    pub ended_at: Option<Timestamp>,
    /// Digest of what stays the same in all refresh tokens of the session; nothing for a key.
    pub family: Option<[u8; 32]>,
    /// Digest of the newest refresh token's secret, or of the key's.
    pub secret: [u8; 32],
}

impl Session {
    /// A session that begins at `now`, and the secrets of its first refresh token.
    pub fn begin((id, principal): (SessionId, PrincipalId), how: Begun<'_>, now: Timestamp, secrets: &Secrets) -> Self {
        Self {
            id,
            principal,
            method: how.method,
            client: how.client.to_owned(),
            second_factor: how.second_factor,
            permissions: None,
            created_at: now,
            used_at: now,
            expires_at: life(now, now),
            ended_at: None,
            family: Some(digest(secrets.family.as_slice())),
            secret: digest(secrets.once.as_slice()),
        }
    }

    /// Whether it lives at `now`.
    pub fn lives(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }

    /// What a refresh token shown at this moment is.
    pub fn judge(&self, token: &RefreshToken, now: Timestamp) -> Shown {
        let family = self.family == Some(digest(token.secrets.family.as_slice()));
        match (family && self.lives(now), self.secret == digest(token.secrets.once.as_slice())) {
            (false, _) => Shown::Unknown,
            (true, true) => Shown::Newest,
            (true, false) => Shown::UsedBefore,
        }
    }

    /// The session after a refresh that gave out `once`.
    #[must_use]
    pub fn refreshed(self, once: &[u8; 32], now: Timestamp) -> Self {
        let expires_at = life(self.created_at, now);
        Self { used_at: now, expires_at, secret: digest(once), ..self }
    }
}

/// What is kept of a secret that is long enough that nobody guesses it: a fast digest.
pub fn digest(secret: &[u8]) -> [u8; 32] {
    *blake3::hash(secret).as_bytes()
}

/// The end of a session that was begun and used at these instants.
fn life(created_at: Timestamp, used_at: Timestamp) -> Timestamp {
    let after = |at: Timestamp, life| at.checked_add(life).unwrap_or(Timestamp::MAX);
    after(used_at, IDLE_LIFE).min(after(created_at, WHOLE_LIFE))
}

/// What a refresh token is to its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The one that came last.
    Newest,
    /// One of the same family that is not the newest: two hold tokens of this session, and one of them is a thief.
    UsedBefore,
    /// Not of a session that lives.
    Unknown,
}

/// The two secrets of a refresh token. The family is the same in all of a session, so that any earlier token is known
/// for what it is without a row for each.
#[derive(Clone)]
pub struct Secrets {
    pub family: Zeroizing<[u8; 32]>,
    pub once: Zeroizing<[u8; 32]>,
}

impl Secrets {
    /// New ones, of the system's randomness.
    pub fn new() -> Self {
        Self { family: Zeroizing::new(Rng::System.bytes()), once: Zeroizing::new(Rng::System.bytes()) }
    }
}

/// What a client trades for the next pair of tokens.
#[derive(Clone)]
pub struct RefreshToken {
    /// The group, because whoever refreshes has not said which.
    pub tenant: TenantId,
    pub session: SessionId,
    /// What proves it.
    pub secrets: Secrets,
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({})", self.session)
    }
}

impl RefreshToken {
    /// As it is given out.
    pub fn text(&self) -> String {
        let (tenant, session) = (self.tenant.0, self.session.0);
        let parts: [&[u8]; 4] =
            [tenant.as_bytes(), session.as_bytes(), self.secrets.family.as_slice(), self.secrets.once.as_slice()];
        URL_SAFE_NO_PAD.encode(Zeroizing::new(parts.concat()))
    }

    /// Reads one; nothing when it is none.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let bytes: &[u8; 96] = bytes.as_slice().try_into().ok()?;
        let id = |from: usize| Uuid::from_slice(&bytes[from..from + 16]).ok();
        let secret = |from: usize| Some(Zeroizing::new(<[u8; 32]>::try_from(&bytes[from..from + 32]).ok()?));
        Some(Self {
            tenant: TenantId(id(0).filter(|tenant| !tenant.is_nil())?),
            session: SessionId(id(16)?),
            secrets: Secrets { family: secret(32)?, once: secret(64)? },
        })
    }
}

/// How the employments of whoever stands behind a principal bear on its sessions and grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether somebody is employed today; who is no person always is.
    pub employed: bool,
    terminations: Vec<Date>,
}

impl Standing {
    /// Of a principal that is no person.
    pub fn of_nobody() -> Self {
        Self { employed: true, terminations: Vec::new() }
    }

    /// Of a person who is employed on these days.
    pub fn of(employments: &[Days], today: Date) -> Self {
        let employed = employments.iter().any(|days| days.covers(today));
        Self { employed, terminations: terminations(employments, today) }
    }

    /// Whether what was given on `day` still stands: the person is employed, and did not leave since. Whoever comes back
    /// begins anew.
    pub fn holds_since(&self, day: Date) -> bool {
        self.employed && !self.terminations.iter().any(|last| day <= *last)
    }
}

/// The last days, before `today`, that no employment followed at once.
fn terminations(employments: &[Days], today: Date) -> Vec<Date> {
    let employed = |day: Date| employments.iter().any(|days| days.covers(day));
    let ends = employments.iter().filter_map(|days| days.to).filter(|last| *last < today);
    ends.filter(|last| last.tomorrow().is_ok_and(|next| !employed(next))).collect()
}

#[cfg(test)]
mod tests;
