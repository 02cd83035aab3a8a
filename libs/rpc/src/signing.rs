//! What a service signs with: keys take turns, and a turn is known before it begins, so that whoever verifies has the next key
//! in time. And the service's own tokens, which it signs itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use tally_access::{Regions, service_principal};
use tally_kernel::error::Result;
use tally_kernel::id::{PrincipalId, TenantId};
use tally_kernel::{Clock, Rng};

use crate::token::{AUDIENCE, Claims, SigningKey, TokenKind};

/// Life of a service's token, seconds.
pub const SERVICE_TOKEN_SECONDS: i64 = 300;
/// How many service tokens are kept: one per tenant and person acted for.
const MAX_KEPT_TOKENS: usize = 4_096;

/// A key and the instant from which it signs.
#[derive(Clone, Debug)]
pub struct Turn {
    /// From then on, until the next turn.
    pub from: Timestamp,
    /// The key.
    pub key: SigningKey,
}

/// The keys of one owner, in turns. Clones share them: whoever reads the key folder replaces them for all.
#[derive(Clone, Debug)]
pub struct SigningKeys(Arc<RwLock<Turns>>);

#[derive(Debug)]
struct Turns {
    first: SigningKey,
    later: Vec<Turn>,
}

impl From<SigningKey> for SigningKeys {
    fn from(key: SigningKey) -> Self {
        Self::new(key, Vec::new())
    }
}

impl SigningKeys {
    /// A key that signs at once, and those that follow it, the earliest first.
    pub fn new(first: SigningKey, later: Vec<Turn>) -> Self {
        Self(Arc::new(RwLock::new(Turns { first, later })))
    }

    /// Takes over what another reading of the folder gave.
    pub fn replace(&self, other: &Self) {
        let turns = other.0.read().unwrap_or_else(PoisonError::into_inner);
        let turns = Turns { first: turns.first.clone(), later: turns.later.clone() };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = turns;
    }

    /// The key whose turn it is.
    pub fn at(&self, now: Timestamp) -> SigningKey {
        let turns = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let begun = turns.later.iter().rev().find(|turn| turn.from <= now);
        begun.map_or_else(|| turns.first.clone(), |turn| turn.key.clone())
    }
}

/// Makes a service's own tokens and keeps each for half its life.
#[derive(Debug)]
pub struct Signer {
    service: &'static str,
    keys: SigningKeys,
    regions: Regions,
    clock: Clock,
    rng: Rng,
    kept: Mutex<HashMap<For, Kept>>,
}

/// Tenant, and the principal that is acted for.
type For = (TenantId, Option<PrincipalId>);
/// Token and end of its life, seconds since 1970.
type Kept = (String, i64);

impl Signer {
    /// A signer for `service` of a stack that serves every region.
    pub fn new(service: &'static str, keys: impl Into<SigningKeys>, clock: Clock, rng: Rng) -> Self {
        Self { service, keys: keys.into(), regions: Regions::All, clock, rng, kept: Mutex::default() }
    }

    /// The same for a stack of these regions.
    #[must_use]
    pub fn of_regions(self, regions: Regions) -> Self {
        Self { regions, ..self }
    }

    /// The service that signs.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// A token of the service in this tenant, acting for `on_behalf_of`.
    ///
    /// # Errors
    /// An internal error when signing fails.
    pub fn token(&self, tenant: TenantId, on_behalf_of: Option<PrincipalId>) -> Result<String> {
        let at = self.clock.now();
        let now = at.as_second();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, exp)) = kept.get(&(tenant, on_behalf_of))
            && exp - now > SERVICE_TOKEN_SECONDS / 2
            && exp - now <= SERVICE_TOKEN_SECONDS
        {
            return Ok(token.clone());
        }
        let claims = Claims {
            iss: self.service.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: service_principal(self.service),
            tid: tenant,
            rgn: self.regions.names(),
            typ: TokenKind::Service,
            pid: None,
            sid: None,
            mfa: false,
            obo: on_behalf_of,
            exp: now + SERVICE_TOKEN_SECONDS,
            iat: now,
            jti: self.rng.uuid(at),
        };
        let token = self.keys.at(at).sign(&claims)?;
        if kept.len() >= MAX_KEPT_TOKENS {
            kept.clear();
        }
        kept.insert((tenant, on_behalf_of), (token.clone(), claims.exp));
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_key_signs_from_the_beginning_of_its_turn_and_clones_learn_of_new_ones() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let [a, b, c] = [1, 2, 3].map(|seed| SigningKey::from_seed("talent", Rng::seeded(seed).bytes()));
        let keys = SigningKeys::from(a.clone());
        let shared = keys.clone();
        assert_eq!(shared.at(at(0)).public(), a.public());
        let turns = vec![Turn { from: at(10), key: b.clone() }, Turn { from: at(20), key: c.clone() }];
        keys.replace(&SigningKeys::new(a.clone(), turns));
        let signing = [9, 10, 19, 20, 99].map(|second| shared.at(at(second)).public().kid.clone());
        let expected = [&a, &b, &b, &c, &c].map(|key| key.public().kid.clone());
        assert_eq!(signing, expected);
    }

    #[test]
    fn a_service_token_is_reused_for_half_its_life() {
        let (clock, rng) = (Clock::fixed("2026-03-02T08:00:00Z".parse().unwrap()), Rng::seeded(4));
        let signer = Signer::new("talent", SigningKey::generate("talent", &rng), clock.clone(), rng);
        let tenant = TenantId(Uuid::nil());
        let first = signer.token(tenant, None).unwrap();
        assert_eq!(first, signer.token(tenant, None).unwrap());
        assert_ne!(first, signer.token(tenant, Some(service_principal("x"))).unwrap());
        clock.advance(SignedDuration::from_mins(3));
        assert_ne!(first, signer.token(tenant, None).unwrap());
    }
}
