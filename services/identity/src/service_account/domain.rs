//! What an API key looks like and how long it lives.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use tally_kernel::Rng;
use tally_kernel::id::{PrincipalId, SessionId};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Days that a key lives at most: whoever keeps one renews it once a year.
pub const MAX_DAYS: i64 = 366;
/// Keys of one account that live at once: the one in use, the one that replaces it, and a few programs that share.
pub const MAX_KEYS: usize = 5;

/// What can be wrong with accounts and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountError {
    /// No such key, or it does not live.
    KeyRefused,
    /// The principal is no account of a program.
    NotAnAccount(PrincipalId),
    /// The account has as many keys as it may.
    TooManyKeys(usize),
    /// The end is past, or too far away.
    LifeUnusable(i64),
}

/// A key as a program holds it: `tally_<id>_<secret>`. Scanners of leaked secrets know it by its beginning.
#[derive(Clone)]
pub struct ApiKey {
    /// Which key; also the session of its tokens.
    pub id: SessionId,
    /// What proves it.
    pub secret: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

impl ApiKey {
    pub fn new(id: SessionId) -> Self {
        Self { id, secret: Zeroizing::new(Rng::System.bytes()) }
    }

    /// As it is given out, once.
    pub fn text(&self) -> String {
        format!("tally_{}_{}", self.id.0.simple(), URL_SAFE_NO_PAD.encode(self.secret.as_slice()))
    }

    /// Reads one; nothing when it is none.
    pub fn read(text: &str) -> Option<Self> {
        let (id, secret) = text.trim().strip_prefix("tally_")?.split_once('_')?;
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(secret).ok()?);
        let secret = Zeroizing::new(<[u8; 32]>::try_from(secret.as_slice()).ok()?);
        Some(Self { id: SessionId(Uuid::parse_str(id).ok()?), secret })
    }
}

/// The entry of a key in the directory, which leads to its group; no sign-in name holds a slash.
pub fn entry(id: SessionId) -> String {
    format!("key/{id}")
}

/// Judges the end of a new key's life.
///
/// # Errors
/// [`AccountError::LifeUnusable`].
pub fn judge_life(now: Timestamp, expires_at: Timestamp) -> Result<(), AccountError> {
    let latest = now.checked_add(SignedDuration::from_hours(24 * MAX_DAYS)).unwrap_or(Timestamp::MAX);
    if now < expires_at && expires_at <= latest { Ok(()) } else { Err(AccountError::LifeUnusable(MAX_DAYS)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_is_known_by_its_beginning_and_prints_no_secret() {
        let key = ApiKey::new(SessionId(Uuid::from_u128(7)));
        let text = key.text();
        assert!(text.starts_with("tally_00000000000000000000000000000007_"), "{text}");
        let read = ApiKey::read(&text).unwrap();
        assert_eq!((read.id, &read.secret), (key.id, &key.secret));
        assert!(!text.contains(&format!("{key:?}")));
        for bad in ["", "tally_", "tally_7_x", &text[1..], &text[..text.len() - 1]] {
            assert!(ApiKey::read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_key_lives_a_year_at_most_and_ends_in_the_future() {
        let at = |second: i64| Timestamp::from_second(1_772_000_000 + second).unwrap();
        let day = 24 * 3600;
        assert_eq!(judge_life(at(0), at(366 * day)), Ok(()));
        for end in [-1, 0, 366 * day + 1] {
            assert_eq!(judge_life(at(0), at(end)), Err(AccountError::LifeUnusable(366)), "{end}");
        }
    }
}
