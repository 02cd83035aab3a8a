//! Making accounts and keys, and trading a key for a token.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_access::{OpContext, Permission, Region, Target};
use tally_app::{RequestKey, mutate, perform};
use tally_kernel::id::{PrincipalId, SessionId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::Audit;

use super::domain::{self, AccountError, ApiKey};
use crate::login::app::stand_in;
use crate::policy::{
    CreateApiKey, CreateServiceAccount, ExchangeApiKey, ListApiKeys, ListServiceAccounts, RevokeApiKey,
};
use crate::session::app::{as_principal, token};
use crate::session::domain::{Holder, LoginName, Method, Principal, Session, digest};
use crate::session::facts as principals;
use crate::{App, tenant};

/// A key to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewKey {
    pub(crate) once: RequestKey,
    pub(crate) principal: PrincipalId,
    pub(crate) name: String,
    pub(crate) permissions: Option<BTreeSet<Permission>>,
    pub(crate) expires_at: Timestamp,
}

/// A key that was made: its text, shown this once, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MadeKey {
    pub(crate) text: String,
    pub(crate) id: SessionId,
    pub(crate) created_at: Timestamp,
}

/// A token that a key was traded for.
#[derive(Clone, Debug)]
pub(crate) struct Traded {
    pub(crate) token: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) principal: PrincipalId,
}

/// A page of the accounts, oldest first, with when each was made.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn list(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<(Principal, Timestamp)>, String)> {
    ctx.permit::<ListServiceAccounts>(&Target::tenant())?;
    Ok(principals::accounts(&*app.store.read(ctx).await?, page).await?)
}

/// Makes an account for a program.
///
/// # Errors
/// `LOGIN_TAKEN`.
pub(crate) async fn create(app: &App, ctx: &OpContext, once: &RequestKey, name: &LoginName) -> Result<PrincipalId> {
    let permit = ctx.permit::<CreateServiceAccount>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, once, async |work| {
        let id = PrincipalId(ctx.new_id());
        let principal = Principal {
            id,
            name: name.as_str().to_owned(),
            holder: Some(Holder::Account),
            password_hash: None,
            one_time_until: None,
            reset_asked_at: None,
        };
        principals::insert(&work, ctx, &principal, &Region::global()).await?;
        Ok((work, Audit::new("identity.service_account.create", "principal", id), id))
    })
    .await
}

/// Makes a key of an account.
///
/// # Errors
/// `NOT_FOUND` for no account, `LOGIN_HOLDS_MORE` for one that holds what the caller could not give it, `TOO_MANY_KEYS`,
/// `KEY_LIFE_UNUSABLE`.
pub(crate) async fn create_key(app: &App, ctx: &OpContext, wanted: &NewKey) -> Result<MadeKey> {
    let permit = ctx.permit::<CreateApiKey>(&Target::tenant())?;
    domain::judge_life(ctx.now(), wanted.expires_at)?;
    mutate(&app.store, ctx, &permit, &wanted.once, async |work| {
        // Two keys made at once must not both be the fifth.
        work.lock("api_keys", wanted.principal.0).await?;
        let account = stand_in::<CreateApiKey>(&work, ctx, wanted.principal).await?;
        if account.holder != Some(Holder::Account) {
            return Err(AccountError::NotAnAccount(account.id).into());
        }
        let all = Page::read(0, "", b"")?;
        let (live, _) = principals::live(&work, ctx.now(), Some(account.id), Some(Method::ApiKey), &all).await?;
        if live.len() >= domain::MAX_KEYS {
            return Err(AccountError::TooManyKeys(domain::MAX_KEYS).into());
        }
        let key = ApiKey::new(SessionId(ctx.new_id()));
        let session = session(ctx, &key, wanted);
        principals::begin(&work, ctx, &session).await?;
        let twice = || Error::internal("two keys with one id");
        tenant::facts::enter(&work, &domain::entry(key.id), ctx.tenant(), account.id, twice).await?;
        let audit = Audit::new("identity.api_key.create", "api_key", key.id).note("principal", account.id);
        let made = MadeKey { text: key.text(), id: key.id, created_at: session.created_at };
        Ok((work, audit, made))
    })
    .await
}

/// The session that a key is.
fn session(ctx: &OpContext, key: &ApiKey, wanted: &NewKey) -> Session {
    Session {
        id: key.id,
        principal: wanted.principal,
        method: Method::ApiKey,
        client: wanted.name.clone(),
        second_factor: false,
        permissions: wanted.permissions.clone(),
        created_at: ctx.now(),
        used_at: ctx.now(),
        expires_at: wanted.expires_at,
        ended_at: None,
        family: None,
        secret: digest(key.secret.as_slice()),
    }
}

/// Keys that live, newest first.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn list_keys(
    app: &App,
    ctx: &OpContext,
    principal: Option<PrincipalId>,
    page: &Page,
) -> Result<(Vec<Session>, String)> {
    ctx.permit::<ListApiKeys>(&Target::tenant())?;
    let tx = app.store.read(ctx).await?;
    Ok(principals::live(&tx, ctx.now(), principal, Some(Method::ApiKey), page).await?)
}

/// Ends a key.
///
/// # Errors
/// `NOT_FOUND` for one that does not live.
pub(crate) async fn revoke_key(app: &App, ctx: &OpContext, once: &RequestKey, id: SessionId) -> Result<()> {
    let permit = ctx.permit::<RevokeApiKey>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, once, async |work| {
        let found = principals::session(&work, id).await?;
        let key = found.filter(|key| key.method == Method::ApiKey && key.lives(ctx.now()));
        let key = key.ok_or_else(|| Error::not_found("API key", id))?;
        principals::end(&work, ctx, id, "revoked").await?;
        let audit = Audit::new("identity.api_key.revoke", "api_key", id).note("principal", key.principal);
        Ok((work, audit, ()))
    })
    .await
}

/// Trades a key for a token.
///
/// # Errors
/// `API_KEY_REFUSED`.
pub(crate) async fn exchange(app: &App, ctx: &OpContext, text: &str) -> Result<Traded> {
    let refused = || Error::from(AccountError::KeyRefused);
    let key = ApiKey::read(text).ok_or_else(refused)?;
    let (tenant, id) = tenant::facts::look_up(&app.store, &domain::entry(key.id)).await?.ok_or_else(refused)?;
    let account = Principal {
        id,
        name: String::new(),
        holder: None,
        password_hash: None,
        one_time_until: None,
        reset_asked_at: None,
    };
    let ctx = &as_principal(ctx, tenant, &account);
    let right = |session: &Session| session.lives(ctx.now()) && session.secret == digest(key.secret.as_slice());
    // A wrong secret is refused before anything is written: whoever knows a key's id cannot fill the log with it.
    let found = principals::session(&*app.store.read(ctx).await?, key.id).await?;
    found.filter(right).ok_or_else(refused)?;
    let permit = ctx.permit::<ExchangeApiKey>(&Target::tenant())?;
    perform(&app.store, ctx, &permit, async |work| {
        let session = principals::session(&work, key.id).await?.filter(right).ok_or_else(refused)?;
        let session = Session { used_at: ctx.now(), ..session };
        principals::put_used(&work, &session).await?;
        let (token, expires_at) = token(app, ctx, &session)?;
        let audit = Audit::new("identity.api_key.exchange", "api_key", key.id);
        Ok((work, audit, Traded { token, expires_at, principal: id }))
    })
    .await
}
