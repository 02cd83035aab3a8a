//! Trusting providers, and signing in with them.

use jiff::Timestamp;
use tally_access::{Actor, OpContext, Target};
use tally_app::{RequestKey, mutate, perform};
use tally_kernel::id::PrincipalId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::Audit;
use uuid::Uuid;

use super::domain::{Pending, Provider, ProviderName, SsoError, State};
use super::store;
use crate::policy::{FinishSso, ListSsoProviders, PutSsoProvider, RemoveSsoProvider, StartSso};
use crate::session::app::{SignedIn, as_principal, begin, unless_away};
use crate::session::domain::{Begun, Holder, LoginName, Method, Principal, SessionError};
use crate::{App, access, session, tenant, views};

/// Where to send whoever signs in, and until when.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    pub(crate) authorize_url: String,
    pub(crate) state: String,
    pub(crate) expires_at: Timestamp,
}

/// What the provider sent back.
#[derive(Clone, Debug)]
pub(crate) struct Finish {
    pub(crate) state: String,
    pub(crate) code: String,
    pub(crate) client: String,
}

/// Trusts a provider, or changes what is known of one: its name leads to it. The provider as written.
///
/// # Errors
/// `PROVIDER_NAME_TAKEN` by another group of the store.
pub(crate) async fn put(app: &App, ctx: &OpContext, once: &RequestKey, wanted: Provider) -> Result<Uuid> {
    let permit = ctx.permit::<PutSsoProvider>(&Target::tenant())?;
    let there = tenant::facts::look_up(&app.store, &wanted.name.entry()).await?;
    let id = match there {
        Some((tenant, id)) if tenant == ctx.tenant() => id.0,
        Some(_) => return Err(SsoError::NameTaken.into()),
        None => ctx.new_id(),
    };
    let (id, wanted) = (&id, &wanted);
    mutate(&app.store, ctx, &permit, once, async |work| {
        if there.is_none() {
            let taken = || SsoError::NameTaken.into();
            tenant::facts::enter(&work, &wanted.name.entry(), ctx.tenant(), PrincipalId(*id), taken).await?;
        }
        store::put(&work, ctx, &Provider { id: *id, ..wanted.clone() }).await?;
        Ok((work, Audit::new("identity.sso.put", "sso_provider", id).after(once.digest()), *id))
    })
    .await
}

/// Providers by name.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn list(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Provider>, String)> {
    ctx.permit::<ListSsoProviders>(&Target::tenant())?;
    Ok(store::list(&*app.store.read(ctx).await?, page).await?)
}

/// Trusts a provider no more; sessions that began with it go on until they end.
///
/// # Errors
/// `NOT_FOUND`.
pub(crate) async fn remove(app: &App, ctx: &OpContext, once: &RequestKey, name: &ProviderName) -> Result<()> {
    let permit = ctx.permit::<RemoveSsoProvider>(&Target::tenant())?;
    let missing = || Error::not_found("provider", name.as_str());
    let there = tenant::facts::look_up(&app.store, &name.entry()).await?;
    let (_, id) = there.filter(|(tenant, _)| *tenant == ctx.tenant()).ok_or_else(missing)?;
    mutate(&app.store, ctx, &permit, once, async |work| {
        if !store::remove(&work, id.0).await? {
            return Err(missing());
        }
        Ok((work, Audit::new("identity.sso.remove", "sso_provider", id), ()))
    })
    .await
}

/// Begins a sign-in at a provider. Nothing is written: what must be remembered travels sealed in the state.
///
/// # Errors
/// `PROVIDER_UNKNOWN`, `SSO_PROVIDER_AWAY`.
pub(crate) async fn start(app: &App, ctx: &OpContext, name: &str) -> Result<Started> {
    ctx.permit::<StartSso>(&Target::tenant())?;
    let unknown = || Error::from(SsoError::ProviderUnknown);
    let name: ProviderName = name.parse().map_err(|_| unknown())?;
    let (tenant, id) = tenant::facts::look_up(&app.store, &name.entry()).await?.ok_or_else(unknown)?;
    let ctx = &OpContext { actor: Actor { tenant, ..Actor::nobody() }, ..ctx.clone() };
    let (provider, pending, state) = {
        let tx = app.store.read(ctx).await?;
        let provider = store::get(&tx, id.0).await?.ok_or_else(unknown)?;
        let (pending, id) = (Pending::new(ctx.now()), ctx.new_id());
        let sealed = pending.sealed(&provider.state_key, id)?;
        let state = State { tenant, provider: provider.id, id, sealed };
        (provider, pending, state.to_string())
    };
    let discovered = app.sso.of(&provider).await?;
    let authorize_url = pending.authorize_url(&provider, &discovered, &state);
    Ok(Started { authorize_url, state, expires_at: pending.expires_at })
}

/// Ends a sign-in that a provider sent back: a session, as with a password.
///
/// # Errors
/// `SSO_STATE_REFUSED`, `SSO_REFUSED`, `SSO_LOGIN_UNKNOWN`, `SSO_PROVIDER_AWAY`, `EMPLOYMENT_ENDED`.
pub(crate) async fn finish(app: &App, ctx: &OpContext, wanted: &Finish) -> Result<SignedIn> {
    let refused = || Error::from(SsoError::StateRefused);
    let state = State::read(&wanted.state).ok_or_else(refused)?;
    let ctx = OpContext { actor: Actor { tenant: state.tenant, ..Actor::nobody() }, ..ctx.clone() };
    let (provider, pending) = {
        let tx = app.store.read(&ctx).await.map_err(|error| unless_away(error, refused()))?;
        let provider = store::get(&tx, state.provider).await?.ok_or_else(refused)?;
        let pending = Pending::opened(&state.sealed, &provider.state_key, state.id).ok_or_else(refused)?;
        if pending.expires_at <= ctx.now() || store::used(&tx, state.id).await? {
            return Err(refused());
        }
        (provider, pending)
    };
    let token = app.sso.trade(&provider, &pending, &wanted.code).await?;
    let keys = app.sso.keys_for(&provider, &token).await?;
    let login = token.judge(&keys, &provider, &pending, ctx.now())?;
    let principal = principal(app, &ctx, &provider, &login).await?;
    let ctx = &as_principal(&ctx, state.tenant, &principal);
    let permit = ctx.permit::<FinishSso>(&Target::tenant())?;
    perform(&app.store, ctx, &permit, async |work| {
        store::use_up(&work, ctx, state.id, pending.expires_at).await?;
        if !views::employed_now(&work, ctx, &principal).await? {
            return Err(SessionError::NotEmployed.into());
        }
        // Whether a second factor was shown is the provider's business, and its word on it is not asked for.
        let how = Begun { method: Method::Oidc, client: &wanted.client, second_factor: false };
        let done = begin(app, &work, ctx, how).await?;
        let audit = Audit::new("identity.session.sign_in", "principal", principal.id).note("outcome", "signed_in");
        Ok((work, audit.note("provider", provider.id), done))
    })
    .await
}

/// The login that a provider's word leads to, if the provider may speak for it.
async fn principal(app: &App, ctx: &OpContext, provider: &Provider, login: &str) -> Result<Principal> {
    let unknown = || Error::from(SsoError::LoginUnknown);
    let name: LoginName = login.parse().map_err(|_| unknown())?;
    let found = tenant::facts::look_up(&app.store, name.as_str()).await?;
    let (_, id) = found.filter(|(tenant, _)| *tenant == ctx.tenant()).ok_or_else(unknown)?;
    let tx = app.store.read(ctx).await?;
    let principal = session::facts::get(&tx, id).await?.ok_or_else(unknown)?;
    let region = access::app::receiver(&tx, ctx, id).await?.target().region;
    let here = provider.region.is_global() || region.as_ref() == Some(&provider.region);
    let signs_in = matches!(principal.holder, Some(Holder::Person(_) | Holder::User));
    if here && signs_in { Ok(principal) } else { Err(unknown()) }
}
