//! Second factors: codes by time (RFC 6238) and recovery codes.

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use serde::{Deserialize, Serialize};
use tally_access::Permission;
use tally_kernel::Rng;
use tally_kernel::id::PrincipalId;
use zeroize::Zeroizing;

use crate::session::domain::digest;

/// Seconds that a code lasts.
const STEP_SECONDS: i64 = 30;
/// Steps before and after the current one whose code is taken: clocks differ, and typing takes a while.
const WINDOW: u64 = 1;
/// Recovery codes of one enrolment.
const RECOVERY_CODES: usize = 10;
/// Base32 of RFC 4648, which authenticators read.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What can be wrong with passwords that change and with second factors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginError {
    /// The principal has no password.
    NoPassword,
    /// One's own password is changed, not reset.
    ResetOneself,
    /// The principal holds a permission that whoever resets does not.
    HoldsMore(Permission),
    /// There is a second factor already.
    EnrolledAlready,
    /// There is no second factor, or none was begun.
    NotEnrolled,
    /// The code is wrong, used, or too old.
    CodeWrong,
}

/// What a code is to a principal's second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeOutcome {
    /// There is no second factor.
    NotEnrolled,
    /// There is one, and no code was given.
    Missing,
    /// The code is right, and is used up now.
    Right,
    Wrong,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Factor {
    pub principal: PrincipalId,
    /// What the authenticator knows too.
    pub secret: Zeroizing<Vec<u8>>,
    /// When the authenticator was seen to work; before that nothing asks for a code.
    pub confirmed_at: Option<Timestamp>,
    /// The last step whose code was taken: each is taken once.
    pub last_step: u64,
    /// Digests of the recovery codes that are left.
    pub recovery: Vec<[u8; 32]>,
}

impl std::fmt::Debug for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Factor({}, {} recovery codes left)", self.principal, self.recovery.len())
    }
}

impl Factor {
    /// A new one, not yet confirmed. The secret is as long as the hash (RFC 4226).
    pub fn new(principal: PrincipalId) -> Self {
        let secret = Zeroizing::new(Rng::System.bytes::<20>().to_vec());
        Self { principal, secret, confirmed_at: None, last_step: 0, recovery: Vec::new() }
    }

    /// The factor after it took this code; nothing when the code is wrong or was taken before.
    pub fn take(&self, code: &str, now: Timestamp) -> Option<Self> {
        let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if code.len() == 6 {
            let typed: u32 = code.parse().ok()?;
            let current = step(now);
            let mut steps = current.saturating_sub(WINDOW)..=current + WINDOW;
            let last_step = steps.find(|step| *step > self.last_step && totp(&self.secret, *step) == typed)?;
            return Some(Self { last_step, ..self.clone() });
        }
        let typed = digest(code.to_ascii_uppercase().as_bytes());
        let at = self.recovery.iter().position(|left| *left == typed)?;
        let mut after = self.clone();
        after.recovery.remove(at);
        Some(after)
    }

    /// The secret as people type it.
    pub fn base32(&self) -> String {
        base32(&self.secret)
    }

    /// What an authenticator reads from a QR code.
    pub fn uri(&self, group: &str, login: &str) -> String {
        let [group, login] = [group, login].map(|text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string());
        format!("otpauth://totp/{group}:{login}?secret={}&issuer={group}", self.base32())
    }
}

/// The step of an instant.
pub fn step(at: Timestamp) -> u64 {
    u64::try_from(at.as_second().div_euclid(STEP_SECONDS)).unwrap_or(0)
}

/// The six digits of a step.
pub fn totp(secret: &[u8], step: u64) -> u32 {
    truncated(secret, step) % 1_000_000
}

/// The 31 bits that RFC 4226 cuts out of the HMAC.
fn truncated(secret: &[u8], counter: u64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &counter.to_be_bytes());
    let tag = tag.as_ref();
    let from = usize::from(tag[tag.len() - 1] & 0x0f);
    let bits = tag[from..from + 4].iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    bits & 0x7fff_ffff
}

/// Ten recovery codes of 80 random bits, and what is kept of them.
pub fn recovery_codes() -> (Vec<String>, Vec<[u8; 32]>) {
    let codes = (0..RECOVERY_CODES).map(|_| base32(&Zeroizing::new(Rng::System.bytes::<10>())[..]));
    let codes: Vec<String> = codes.collect();
    let kept = codes.iter().map(|code| digest(code.as_bytes())).collect();
    let shown = codes.iter().map(|c| format!("{}-{}-{}-{}", &c[..4], &c[4..8], &c[8..12], &c[12..])).collect();
    (shown, kept)
}

/// Base32 of a whole number of five-byte groups.
fn base32(bytes: &[u8]) -> String {
    let letter = |bits: u64, n: u32| char::from(BASE32[(bits >> (35 - 5 * n) & 31) as usize]);
    let groups = bytes.chunks_exact(5).map(|five| five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)));
    groups.flat_map(|bits| (0..8).map(move |n| letter(bits, n))).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn factor() -> Factor {
        Factor::new(PrincipalId(Uuid::from_u128(7)))
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = b"12345678901234567890";
        let vectors = [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ];
        for (second, digits) in vectors {
            assert_eq!(truncated(secret, step(at(second))) % 100_000_000, digits, "{second}");
            assert_eq!(totp(secret, step(at(second))), digits % 1_000_000);
        }
    }

    #[test]
    fn a_code_is_taken_once_and_neither_too_early_nor_too_late() {
        let (factor, now) = (factor(), at(1_772_000_000));
        let code = |offset: i64| format!("{:06}", totp(&factor.secret, step(at(now.as_second() + 30 * offset))));
        for offset in [-1, 0, 1] {
            let after = factor.take(&code(offset), now).unwrap();
            assert_eq!(after.take(&code(offset), now), None, "taken before");
            assert_eq!(after.take(&code(offset - 1), now), None, "older than one that was taken");
        }
        assert!(factor.take(&code(-2), now).is_none() && factor.take(&code(2), now).is_none());
        for bad in ["", "12345", "abcdef", "1234567", "+12345"] {
            assert_eq!(factor.take(bad, now), None, "{bad:?}");
        }
    }

    #[test]
    fn a_recovery_code_is_taken_once_however_it_is_typed() {
        let (codes, recovery) = recovery_codes();
        let factor = Factor { recovery, ..factor() };
        assert_eq!(codes.len(), 10);
        let typed = codes[3].to_lowercase().replace('-', " ");
        let after = factor.take(&typed, at(0)).unwrap();
        assert_eq!(after.recovery.len(), 9);
        assert_eq!(after.take(&codes[3], at(0)), None);
        assert!(after.take(&codes[4], at(0)).is_some());
        assert!(!format!("{factor:?}").contains(&codes[0]));
    }

    #[test]
    fn base32_is_that_of_rfc_4648_and_the_uri_escapes_names() {
        assert_eq!(base32(b"fooba"), "MZXW6YTB");
        let uri = factor().uri("Aurora & Co", "li.na@example");
        assert!(uri.starts_with("otpauth://totp/Aurora%20%26%20Co:li%2Ena%40example?secret="), "{uri}");
        assert!(uri.ends_with("&issuer=Aurora%20%26%20Co"), "{uri}");
        assert_eq!(factor().base32().len(), 32);
    }
}
