//! Where a call without a token came from, said by the gateway that it came through: signed with the gateway's own key, so that
//! nobody else can say it. Without it all that come through a gateway in a process of its own would count as one caller.
//!
//! What cannot be read, is out of date or was signed by another is no introduction: the call then counts by the address that
//! its connection has, with all others of the gateway.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_kernel::Clock;
use tally_kernel::error::{Error, Result};

use crate::signing::SigningKeys;
use crate::token::{LEEWAY_SECONDS, PublicKey, key_id, open_signed};

/// The owner of the keys that may introduce callers.
pub const GATEWAY: &str = "gateway";
/// The header of an introduction, which also is its audience: it is a token for nothing else.
const CALLER: &str = "tally-caller";
/// Life of an introduction, seconds.
const LIFE: i64 = 60;
/// How many introductions are kept to be said again.
const MAX_KEPT: usize = 4_096;

/// What is signed.
#[derive(Serialize, Deserialize)]
struct Claim {
    iss: String,
    aud: String,
    /// The caller's address.
    sub: IpAddr,
    iat: i64,
    exp: i64,
}

/// Where a call came from, noted for the layers behind authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Introduced(pub IpAddr);

/// The gateway's side: says where calls come from.
#[derive(Debug)]
pub struct Introducer {
    keys: SigningKeys,
    clock: Clock,
    /// What was signed of an address, and when it ends.
    kept: Mutex<HashMap<IpAddr, (HeaderValue, i64)>>,
}

impl Introducer {
    /// Signs with the gateway's keys.
    pub fn new(keys: SigningKeys, clock: Clock) -> Self {
        Self { keys, clock, kept: Mutex::default() }
    }

    /// Says among the headers of a call that it comes from this address, in place of whatever was said there.
    ///
    /// # Errors
    /// An internal error when signing fails.
    pub fn introduce(&self, headers: &mut HeaderMap, from: IpAddr) -> Result<()> {
        headers.insert(HeaderName::from_static(CALLER), self.said(from)?);
        Ok(())
    }

    fn said(&self, from: IpAddr) -> Result<HeaderValue> {
        let at = self.clock.now();
        let now = at.as_second();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((said, exp)) = kept.get(&from)
            && (LIFE / 2 + 1..=LIFE).contains(&(exp - now))
        {
            return Ok(said.clone());
        }
        let exp = now + LIFE;
        let claim = Claim { iss: GATEWAY.to_owned(), aud: CALLER.to_owned(), sub: from, iat: now, exp };
        let said = HeaderValue::try_from(self.keys.at(at).sign(&claim)?).map_err(Error::internal)?;
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(from, (said.clone(), exp));
        Ok(said)
    }
}

/// What the headers of a call say of where it came from, whoever signed it.
pub(crate) struct Introduction<'h> {
    said: &'h str,
    /// The key that signed it, as it says.
    pub kid: String,
}

impl<'h> Introduction<'h> {
    pub(crate) fn of(headers: &'h HeaderMap) -> Option<Self> {
        let said = headers.get(CALLER)?.to_str().ok()?;
        Some(Self { said, kid: key_id(said).ok()? })
    }

    /// Where the call came from, if it is the gateway's key and the word still holds.
    pub(crate) fn by(&self, key: &PublicKey, now: Timestamp) -> Option<Introduced> {
        let claim: Claim = open_signed(self.said, CALLER, key).ok()?;
        let now = now.as_second();
        let lives = claim.iat - LEEWAY_SECONDS <= now && now < claim.exp + LEEWAY_SECONDS;
        (key.owner == GATEWAY && claim.iss == GATEWAY && lives).then(|| Introduced(claim.sub.to_canonical()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use tally_kernel::Rng;

    use super::*;
    use crate::token::SigningKey;

    #[test]
    fn only_the_gateways_key_says_where_a_call_came_from_and_not_for_long() {
        let (clock, rng) = (Clock::fixed("2026-03-02T08:00:00Z".parse().unwrap()), Rng::seeded(1));
        let [ours, foreign, stranger] = [GATEWAY, "talent", GATEWAY].map(|owner| SigningKey::generate(owner, &rng));
        let from: IpAddr = "198.51.100.7".parse().unwrap();
        let say = |key: &SigningKey| {
            let mut headers = HeaderMap::new();
            Introducer::new(key.clone().into(), clock.clone()).introduce(&mut headers, from).unwrap();
            headers
        };
        let heard = |headers: &HeaderMap, key: &SigningKey| Introduction::of(headers)?.by(key.public(), clock.now());
        let said = say(&ours);
        assert_eq!(Introduction::of(&said).unwrap().kid, ours.public().kid);
        assert_eq!(heard(&said, &ours), Some(Introduced(from)));
        assert_eq!(heard(&say(&foreign), &foreign), None, "it is not the gateway's");
        assert_eq!(heard(&say(&stranger), &ours), None, "nor is this its signature");
        assert_eq!(heard(&HeaderMap::new(), &ours), None);
        // A token of another kind is no introduction, whoever signed it.
        let other = Claim { iss: GATEWAY.into(), aud: "tally".into(), sub: from, iat: 0, exp: i64::MAX / 2 };
        let mut headers = HeaderMap::new();
        headers.insert(CALLER, HeaderValue::try_from(ours.sign(&other).unwrap()).unwrap());
        assert_eq!(heard(&headers, &ours), None);
        clock.advance(SignedDuration::from_secs(LIFE + LEEWAY_SECONDS));
        assert_eq!(heard(&said, &ours), None);
    }

    #[test]
    fn an_introduction_is_said_again_for_half_its_life() {
        let (clock, rng) = (Clock::fixed("2026-03-02T08:00:00Z".parse().unwrap()), Rng::seeded(2));
        let introducer = Introducer::new(SigningKey::generate(GATEWAY, &rng).into(), clock.clone());
        let from = "2001:db8::1".parse().unwrap();
        let first = introducer.said(from).unwrap();
        assert_eq!(introducer.said(from).unwrap(), first);
        clock.advance(SignedDuration::from_secs(LIFE / 2));
        assert_ne!(introducer.said(from).unwrap(), first);
    }
}
