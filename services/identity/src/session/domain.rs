//! Passwords, the back-off after wrong ones, and what a token says.

use std::fmt;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use jiff::{SignedDuration, Timestamp};
use tally_kernel::id::{PersonId, PrincipalId};
use tally_kernel::{Error, Kind};
use zeroize::Zeroizing;

/// Life of a person's token.
pub const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// Wrong passwords in a row that cost nothing.
const FREE_TRIES: u32 = 4;
/// The longest wait after a wrong password.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// What can be wrong with signing in and with logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionError {
    /// Wrong name, wrong password, or too many tries: nobody is told which.
    Refused,
    /// The name is taken.
    LoginTaken,
    /// The person has a login.
    PersonHasLogin,
}

/// A sign-in name, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoginName(String);

impl LoginName {
    /// The name.
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
        let wanted = "2 to 100 letters, digits and . _ - @ +";
        Err(Error::new(Kind::InvalidArgument, "LOGIN_MALFORMED", wanted))
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
            _ => Err(Error::new(Kind::InvalidArgument, "PASSWORD_UNUSABLE", "12 to 256 characters")),
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
pub fn verify(password: &Password, hash: &str) -> bool {
    // Longer ones were never accepted: do not let them cost anything.
    password.0.len() <= 1024
        && PasswordHash::new(hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.0.as_bytes(), &hash).is_ok())
}

/// What stands behind a principal that can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Somebody the group employs.
    Person(PersonId),
    /// A login without a person.
    User,
}

/// A principal as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The principal.
    pub id: PrincipalId,
    /// What stands behind it; nothing for a service.
    pub holder: Option<Holder>,
    /// The PHC string; nothing for a service, which has a key.
    pub password_hash: Option<String>,
}

impl Principal {
    /// The person behind it.
    pub fn person(&self) -> Option<PersonId> {
        match self.holder {
            Some(Holder::Person(person)) => Some(person),
            Some(Holder::User) | None => None,
        }
    }
}

/// Wrong passwords in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// How many.
    pub failures: u32,
    /// Until when none is looked at.
    pub blocked_until: Option<Timestamp>,
}

impl Tries {
    /// Whether a try is not even looked at.
    pub fn blocked(&self, now: Timestamp) -> bool {
        self.blocked_until.is_some_and(|until| now < until)
    }

    /// After one more wrong password: the first four are free, then 1 s, doubling up to 15 minutes.
    pub fn failed(self, now: Timestamp) -> Self {
        let failures = self.failures.saturating_add(1);
        let wait = failures.checked_sub(FREE_TRIES + 1).map(|n| {
            let seconds = 1_i64.checked_shl(n.min(20)).unwrap_or(i64::MAX);
            SignedDuration::from_secs(seconds).min(LONGEST_WAIT)
        });
        Self { failures, blocked_until: wait.and_then(|wait| now.checked_add(wait).ok()) }
    }
}

#[cfg(test)]
mod tests;
