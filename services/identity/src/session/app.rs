//! Signing in, the public keys, and making logins.

use jiff::Timestamp;
use tally_access::{Actor, ActorKind, OpContext, Region, Target};
use tally_kernel::id::{PersonId, PrincipalId, TenantId};
use tally_kernel::{Error, Result};
use tally_rpc::{AUDIENCE, Claims, IDENTITY, TokenKind};
use tally_store::Audit;

use super::domain::{self, Holder, LoginName, Password, Principal, SessionError, Tries};
use super::store;
use crate::person::store::Key;
use crate::policy::{CreateLogin, SignIn};
use crate::{App, person, tenant};

/// A name and a password to try.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) login: String,
    pub(crate) password: Password,
}

/// A login to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewLogin {
    pub(crate) request_id: String,
    pub(crate) body: [u8; 32],
    pub(crate) login: LoginName,
    pub(crate) password: Password,
    pub(crate) person: Option<PersonId>,
}

/// A token and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) token: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) principal: PrincipalId,
}

/// Trades a password for a token.
///
/// # Errors
/// `SIGN_IN_REFUSED`, the same for an unknown name, a wrong password and too many tries, and after the same work.
pub(crate) async fn sign_in(app: &App, ctx: &OpContext, attempt: Attempt) -> Result<SignedIn> {
    let found = find(app, ctx, &attempt.login).await?;
    let hash = found.as_ref().and_then(|(_, p, _)| p.password_hash.clone()).unwrap_or_else(|| app.no_password.clone());
    let right = app.compute.run(move || domain::verify(&attempt.password, &hash)).await?;
    let Some((tenant, principal, holder)) = found else { return Err(SessionError::Refused.into()) };
    let kind = match holder {
        Holder::Person(person) => ActorKind::Person(person),
        Holder::User => ActorKind::User,
    };
    let ctx = &OpContext { actor: Actor { principal: principal.id, kind, tenant, on_behalf_of: None }, ..ctx.clone() };
    if !settle(app, ctx, right).await? {
        return Err(SessionError::Refused.into());
    }
    token(app, ctx)
}

/// The principal that a name belongs to, if it can sign in.
async fn find(app: &App, ctx: &OpContext, login: &str) -> Result<Option<(TenantId, Principal, Holder)>> {
    let Ok(name) = login.parse::<LoginName>() else { return Ok(None) };
    let Some((tenant, id)) = tenant::store::look_up(&app.store, name.as_str()).await? else { return Ok(None) };
    let ctx = OpContext { actor: Actor { tenant, ..Actor::nobody() }, ..ctx.clone() };
    let principal = store::get(&*app.store.read(&ctx).await?, id).await?;
    Ok(principal.and_then(|principal| principal.holder.map(|holder| (tenant, principal, holder))))
}

/// Counts the try and says whether it lets in: a right password does, unless the name is blocked at this moment.
async fn settle(app: &App, ctx: &OpContext, right: bool) -> Result<bool> {
    let permit = ctx.permit::<SignIn>(&Target::tenant())?;
    let principal = ctx.actor.principal;
    app.store
        .retry(ctx, || async {
            let unit = app.store.unit(ctx, &permit).await?;
            unit.lock("sign_in", principal.0).await?;
            let before = store::get_tries(&unit, principal).await?;
            let tries = before.unwrap_or_default();
            let (outcome, after) = match (tries.blocked(ctx.now()), right) {
                (true, _) => ("blocked", tries),
                (false, true) => ("signed_in", Tries::default()),
                (false, false) => ("wrong_password", tries.failed(ctx.now())),
            };
            if after != tries {
                store::put_tries(&unit, ctx, principal, before, after).await?;
            }
            let audit = Audit::new("identity.session.sign_in", "principal", principal).note("outcome", outcome);
            unit.commit(audit, outcome == "signed_in").await
        })
        .await
}

fn token(app: &App, ctx: &OpContext) -> Result<SignedIn> {
    let now = ctx.now();
    let expires_at = now.checked_add(domain::TOKEN_LIFE).map_err(Error::internal)?;
    let claims = Claims {
        iss: IDENTITY.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: ctx.actor.principal,
        tid: ctx.tenant(),
        rgn: Vec::new(),
        typ: if ctx.actor.person().is_some() { TokenKind::Person } else { TokenKind::User },
        pid: ctx.actor.person(),
        obo: None,
        exp: expires_at.as_second(),
        iat: now.as_second(),
        jti: ctx.new_id(),
    };
    Ok(SignedIn { token: app.signing.sign(&claims)?, expires_at, principal: ctx.actor.principal })
}

/// The keys that verify tokens, as a JSON Web Key Set.
///
/// # Errors
/// When the key folder cannot be read.
pub(crate) fn jwks(app: &App) -> Result<String> {
    Ok(app.keys.all()?.to_json())
}

/// Makes a login, for a person or for nobody in particular.
///
/// # Errors
/// `LOGIN_TAKEN`, `PERSON_HAS_LOGIN`, `NOT_FOUND` for a person out of reach.
pub(crate) async fn create_login(app: &App, ctx: &OpContext, wanted: NewLogin) -> Result<PrincipalId> {
    let home = home(app, ctx, wanted.person).await?;
    let target = match (&home, wanted.person) {
        (Some((region, unit)), Some(person)) => Target::person(region.clone(), *unit, person),
        _ => Target::tenant(),
    };
    let permit = match wanted.person {
        Some(person) => ctx.permit_read::<CreateLogin>(&target, "person", person)?,
        None => ctx.permit::<CreateLogin>(&target)?,
    };
    let (password, salt) = (wanted.password.clone(), ctx.rng.bytes());
    let hash = app.compute.run(move || domain::hash(&password, salt)).await??;
    let region = home.map_or_else(Region::global, |(region, _)| region);
    app.store
        .retry(ctx, || async {
            let mut unit = app.store.unit(ctx, &permit).await?;
            if let Some(done) = unit.replay::<PrincipalId>(&wanted.request_id, &wanted.body).await? {
                return Ok(done);
            }
            let id = PrincipalId(ctx.new_id());
            let holder = wanted.person.map_or(Holder::User, Holder::Person);
            let principal = Principal { id, holder: Some(holder), password_hash: Some(hash.clone()) };
            store::insert(&unit, ctx, &principal, wanted.login.as_str(), &region).await?;
            unit.commit(Audit::new("identity.login.create", "principal", id).region(&region), id).await
        })
        .await
}

/// Where a person is employed: the region and unit of the latest employment.
pub(crate) async fn home(
    app: &App,
    ctx: &OpContext,
    person: Option<PersonId>,
) -> Result<Option<(Region, Option<tally_kernel::id::OrgUnitId>)>> {
    let Some(id) = person else { return Ok(None) };
    let found = person::store::get(&*app.store.read(ctx).await?, &Key::Id(id)).await?;
    let person = found.ok_or_else(|| Error::not_found("person", id))?;
    Ok(person.employments.last().map(|e| (e.region.clone(), Some(e.unit))))
}
