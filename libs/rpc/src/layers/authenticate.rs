//! From a bearer token to the context that every handler works in, in the extensions of its request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Extensions, HeaderMap, Request, header};
use tally_access::{
    Actor, ActorKind, Circumstances, DataClass, Effect, Needs, OpContext, PolicyRow, Regions, View, compile_service,
};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::{Clock, Rng, msg};
use tonic::async_trait;
use tower::{Layer, Service};
use tracing::Span;

use super::deadline::Deadline;
use super::locale::locale;
use super::policy::row;
use super::{Refused, take};
use crate::introduction::Introduction;
use crate::token::{self, Claims, IDENTITY, PublicKey, TokenKind};
use crate::trace;

/// Metadata key of a consistency token: a read that carries one sees the change that gave it.
pub const CONSISTENCY: &str = "tally-consistency-token";

/// How many verified tokens are kept.
const MAX_VERIFIED: usize = 10_000;

/// A source of keys. Identity has its own; every other service fetches identity's.
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// The key of this id, or nothing where there is none for sure.
    ///
    /// # Errors
    /// When the source cannot be asked, or not yet: nobody is let in on a guess, and nobody sent away on one.
    async fn key(&self, kid: &str) -> Result<Option<PublicKey>>;
}

/// A source of views of people and logins. Identity compiles its own; every other service asks identity. (The view of
/// a service is part of the program: nobody is asked for it.)
#[async_trait]
pub trait Views: Send + Sync + 'static {
    /// The view of the principal that `claims` names. `fresh`: it must hold every change that is committed now, because
    /// the call reads what is sensitive or the caller sent a consistency token.
    ///
    /// # Errors
    /// When it cannot be known: nobody is let in on an old view.
    async fn view(&self, claims: &Claims, fresh: bool) -> Result<Arc<View>>;
}

/// See the module's text. Stands behind the layers that note the method, the language and the deadline.
#[derive(Clone)]
pub struct AuthenticateLayer(Arc<Authenticator>);

impl AuthenticateLayer {
    /// Verifies tokens with `keys` and asks `views` what their bearers may do, on the data of `regions`.
    pub fn new(keys: Arc<dyn Keys>, views: Arc<dyn Views>, regions: Regions, clock: Clock, rng: Rng) -> Self {
        Self(Arc::new(Authenticator { tokens: Tokens::new(keys, regions, clock), views, rng }))
    }
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate { inner, authenticator: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
pub struct Authenticate<S> {
    inner: S,
    authenticator: Arc<Authenticator>,
}

impl<S, B> Service<Request<B>> for Authenticate<S>
where
    S: Service<Request<B>, Error = Refused, Response: Send, Future: Send> + Clone + Send + 'static,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = Refused;
    type Future = BoxFuture<'static, Result<S::Response, Refused>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let (authenticator, mut inner) = (Arc::clone(&self.authenticator), take(&mut self.inner));
        Box::pin(async move {
            let row = row(request.extensions())?;
            authenticator.note_caller(&row, &mut request).await;
            let ctx = authenticator.context(&row, request.headers(), request.extensions()).await?;
            request.extensions_mut().insert(ctx);
            inner.call(request).await
        })
    }
}

/// The context that [`AuthenticateLayer`] noted.
pub(crate) fn noted_context(extensions: &Extensions) -> Result<OpContext> {
    extensions.get().cloned().ok_or_else(|| Error::internal("a handler was reached without its stack"))
}

struct Authenticator {
    tokens: Tokens,
    views: Arc<dyn Views>,
    rng: Rng,
}

/// Whose a token is, for whoever has to know it before anything else is done for its bearer.
pub struct Tokens {
    keys: Arc<dyn Keys>,
    regions: Regions,
    clock: Clock,
    verified: Verified,
}

/// Tokens whose signature was checked with a key: the check costs more than all the rest of a small call. Their life
/// and their key are still asked for on every call.
#[derive(Default)]
struct Verified(Mutex<HashMap<[u8; 32], Arc<Claims>>>);

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

impl Tokens {
    /// Verifies them with `keys`, for a stack of these regions.
    pub fn new(keys: Arc<dyn Keys>, regions: Regions, clock: Clock) -> Self {
        Self { keys, regions, clock, verified: Verified::default() }
    }

    /// What the token among these headers says. Whether its bearer's session still goes on is not asked.
    ///
    /// # Errors
    /// `TOKEN_MISSING`, or why it is not good.
    pub async fn of(&self, headers: &HeaderMap) -> Result<Arc<Claims>> {
        self.claims(bearer(headers)?).await
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
}

impl Authenticator {
    /// Notes where a call that needs no token came from, if the gateway says so.
    async fn note_caller<B>(&self, row: &PolicyRow, request: &mut Request<B>) {
        let Some(said) = Introduction::of(request.headers()).filter(|_| row.needs == Needs::Nothing) else { return };
        // Keys that cannot be asked for are no word of the gateway's.
        if let Ok(Some(key)) = self.tokens.keys.key(&said.kid).await
            && let Some(caller) = said.by(&key, self.tokens.clock.now())
        {
            request.extensions_mut().insert(caller);
        }
    }

    /// The context of a call on `row`. On a public rpc nobody is asked for anything, whatever was sent.
    async fn context(&self, row: &PolicyRow, headers: &HeaderMap, noted: &Extensions) -> Result<OpContext> {
        if row.needs == Needs::Nothing {
            let nothing = Arc::new(View::nothing(0, None));
            return Ok(self.assemble(Actor::nobody(), nothing, headers, noted));
        }
        let bearer = bearer(headers)?;
        let claims = self.tokens.claims(bearer).await?;
        let view = match claims.typ {
            TokenKind::Service => Arc::new(compile_service(&claims.iss, 0)),
            TokenKind::Person | TokenKind::User => {
                let fresh = always_fresh(row) || headers.contains_key(CONSISTENCY);
                self.views.view(&claims, fresh).await?
            }
        };
        let circumstances = Circumstances { now: self.tokens.clock.now(), second_factor: claims.mfa };
        let mut ctx = self.assemble(actor(&claims)?, view.at(&circumstances), headers, noted);
        ctx.second_factor = claims.mfa;
        ctx.token = Some(bearer.to_owned());
        ctx.consistency = headers.get(CONSISTENCY).and_then(|token| token.to_str().ok()).map(str::to_owned);
        ctx.session = claims.sid;
        Ok(ctx)
    }

    fn assemble(&self, actor: Actor, view: Arc<View>, headers: &HeaderMap, noted: &Extensions) -> OpContext {
        OpContext {
            regions: self.tokens.regions.clone(),
            deadline: noted.get().and_then(|Deadline(given)| *given),
            trace: trace::carried(&Span::current(), headers),
            locale: locale(noted),
            ..OpContext::new(actor, view, self.tokens.clock.clone(), self.rng.clone())
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
