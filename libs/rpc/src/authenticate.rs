//! From a bearer token to the context that every handler works in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::{HeaderMap, header};
use tally_access::{
    Actor, ActorKind, Circumstances, DataClass, Effect, Locale, Needs, OpContext, PolicyRow, Regions, View,
    compile_service,
};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::{Clock, Rng, msg};

use crate::keys::Keys;
use crate::token::{self, Claims, IDENTITY, PublicKey, TokenKind};
use crate::views::Views;

/// Metadata key of a consistency token: a read that carries one sees the change that gave it.
pub const CONSISTENCY: &str = "tally-consistency-token";

/// How many verified tokens are kept.
const MAX_VERIFIED: usize = 10_000;

/// What is known of a call before anybody is asked who makes it.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) deadline: Option<Instant>,
    pub(crate) trace: Option<String>,
    pub(crate) locale: Locale,
}

pub(crate) struct Authenticator {
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) views: Arc<dyn Views>,
    pub(crate) clock: Clock,
    pub(crate) rng: Rng,
    pub(crate) regions: Regions,
    pub(crate) verified: Verified,
}

/// Tokens whose signature was checked with a key: the check costs more than all the rest of a small call. Their life
/// and their key are still asked for on every call.
#[derive(Default)]
pub(crate) struct Verified(Mutex<HashMap<[u8; 32], Arc<Claims>>>);

impl Verified {
    fn claims(&self, bearer: &str, key: &PublicKey) -> Result<Arc<Claims>> {
        let digest = *blake3::Hasher::new_keyed(&key.bytes).update(bearer.as_bytes()).finalize().as_bytes();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        if let Some(claims) = known {
            return Ok(claims);
        }
        let claims = Arc::new(token::verify(bearer, key)?);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_VERIFIED {
            kept.clear();
        }
        kept.insert(digest, Arc::clone(&claims));
        Ok(claims)
    }
}

impl Authenticator {
    /// The context of a call on `row`. On a public rpc nobody is asked for anything, whatever was sent.
    pub(crate) async fn context(&self, row: &PolicyRow, headers: &HeaderMap, arrival: Arrival) -> Result<OpContext> {
        if row.needs == Needs::Nothing {
            return Ok(self.assemble(Actor::nobody(), Arc::new(View::nothing(0, None)), arrival));
        }
        let bearer = bearer(headers)?;
        let claims = self.claims(bearer).await?;
        let view = match claims.typ {
            TokenKind::Service => Arc::new(compile_service(&claims.iss, 0)),
            TokenKind::Person | TokenKind::User => {
                let fresh = always_fresh(row) || headers.contains_key(CONSISTENCY);
                self.views.view(&claims, fresh).await?
            }
        };
        let circumstances = Circumstances { now: self.clock.now(), second_factor: claims.mfa };
        let mut ctx = self.assemble(actor(&claims)?, view.at(&circumstances), arrival);
        ctx.second_factor = claims.mfa;
        ctx.token = Some(bearer.to_owned());
        ctx.consistency = headers.get(CONSISTENCY).and_then(|token| token.to_str().ok()).map(str::to_owned);
        ctx.session = claims.sid;
        Ok(ctx)
    }

    async fn claims(&self, bearer: &str) -> Result<Arc<Claims>> {
        let kid = token::key_id(bearer)?;
        // Asked every time, so that a key that is withdrawn takes its tokens along.
        let key = self.keys.key(&kid).await?.ok_or_else(token::invalid)?;
        let claims = self.verified.claims(bearer, &key)?;
        token::check_life(&claims, self.clock.now())?;
        token::check_regions(&claims, &self.regions)?;
        Ok(claims)
    }

    fn assemble(&self, actor: Actor, view: Arc<View>, arrival: Arrival) -> OpContext {
        OpContext {
            regions: self.regions.clone(),
            deadline: arrival.deadline,
            trace: arrival.trace,
            locale: arrival.locale,
            ..OpContext::new(actor, view, self.clock.clone(), self.rng.clone())
        }
    }
}

/// Reading what is sensitive and changing what is paid never go by a view that is a second old.
fn always_fresh(row: &PolicyRow) -> bool {
    let pays = row.needs.permission().is_some_and(|permission| permission.data_class() == DataClass::Salary);
    match row.effect {
        Effect::SensitiveRead => true,
        Effect::Change => pays,
        Effect::Read | Effect::PersonalRead => false,
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str> {
    let missing = || Error::of(Kind::Unauthenticated, msg!("TOKEN_MISSING"));
    let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?.to_str().map_err(|_| token::invalid())?;
    match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer ") => Ok(token.trim()),
        _ => Err(missing()),
    }
}

fn actor(claims: &Claims) -> Result<Actor> {
    let kind = match (claims.typ, claims.pid) {
        (TokenKind::Person, Some(person)) => ActorKind::Person(person),
        (TokenKind::User, None) => ActorKind::User,
        (TokenKind::Service, None) => return Ok(Actor::service(&claims.iss, claims.tid, claims.obo)),
        (TokenKind::Person, None) | (TokenKind::User | TokenKind::Service, Some(_)) => return Err(token::invalid()),
    };
    // Whoever signed in did so in a session, and that is what can be ended.
    if claims.iss != IDENTITY || claims.obo.is_some() || claims.sid.is_none() {
        return Err(token::invalid());
    }
    Ok(Actor { principal: claims.sub, kind, tenant: claims.tid, on_behalf_of: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case_and_nothing_else() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(str::to_owned).map_err(|e| e.reason())
        };
        assert_eq!(of("Bearer abc"), Ok("abc".into()));
        assert_eq!(of("bearer abc"), Ok("abc".into()));
        assert_eq!(of("Basic abc"), Err("TOKEN_MISSING"));
        assert_eq!(bearer(&HeaderMap::new()).unwrap_err().reason(), "TOKEN_MISSING");
    }
}
