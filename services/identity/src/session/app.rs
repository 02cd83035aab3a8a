//! Signing in, carrying sessions on and ending them, the public keys, and making logins.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_access::{Actor, ActorKind, OpContext, Permission, Region, Target};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{PersonId, PrincipalId, SessionId, TenantId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Kind, Result};
use tally_rpc::{AUDIENCE, Claims, IDENTITY, TokenKind};
use tally_store::{Audit, ScopedTx, UnitOfWork};
use zeroize::Zeroizing;

use super::domain::{
    self, Begun, Holder, LoginName, Method, Password, Principal, RefreshToken, Secrets, Session, SessionError, Shown,
    Tries,
};
use super::store;
use crate::login::domain::CodeOutcome;
use crate::person::domain::Key;
use crate::policy::{CreateLogin, EndAllSessions, EndSession, ListSessions, RefreshSession, SignIn};
use crate::{App, access, login, person, tenant, views};

/// A name and a password to try.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) login: String,
    pub(crate) password: Password,
    /// Of the second factor; may be empty.
    pub(crate) code: String,
    /// What replaces a one-time password.
    pub(crate) new_password: Option<Password>,
    /// What the caller calls itself.
    pub(crate) client: String,
}

/// A login to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewLogin {
    pub(crate) request: RequestKey,
    pub(crate) login: LoginName,
    /// Nothing invites: a password for one sign-in is made up.
    pub(crate) password: Option<Password>,
    pub(crate) person: Option<PersonId>,
}

/// A login that was made, and where none was said a password for one sign-in and until when it is good.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MadeLogin {
    pub(crate) id: PrincipalId,
    pub(crate) one_time: Option<(String, Timestamp)>,
}

/// A refresh token to trade.
#[derive(Clone, Debug)]
pub(crate) struct Refresh {
    pub(crate) request: RequestKey,
    pub(crate) token: Option<RefreshToken>,
}

/// Tokens, whose they are, and for how long.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    pub(crate) token: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) principal: PrincipalId,
    pub(crate) refresh_token: String,
    pub(crate) session_expires_at: Timestamp,
    pub(crate) session: SessionId,
}

/// A principal that a name leads to.
pub(crate) struct Found {
    pub(crate) tenant: TenantId,
    pub(crate) principal: Principal,
    tries: Tries,
}

/// What a try at signing in came to.
#[derive(Serialize)]
enum SignInOutcome {
    SignedIn(Box<SignedIn>),
    Refused,
    SecondFactorNeeded,
    MustChange,
    NotEmployed,
}

/// Trades a password for a session.
///
/// # Errors
/// `SIGN_IN_REFUSED`, the same for an unknown name, a wrong password, a wrong code and too many tries, and after the same
/// work. With the right password: `SECOND_FACTOR_NEEDED`, `PASSWORD_MUST_CHANGE`, `PASSWORD_WEAK`, `EMPLOYMENT_ENDED`.
pub(crate) async fn sign_in(app: &App, ctx: &OpContext, attempt: Attempt) -> Result<SignedIn> {
    let found = find(app, ctx, &attempt.login).await?;
    let waits = match &found {
        Some(found) => found.tries.blocked(ctx.now()),
        None => app.unknown_logins.blocks(&attempt.login).await,
    };
    // While a name waits nothing is hashed and nothing written, so that a flood of tries costs next to nothing.
    if waits {
        return Err(SessionError::Refused.into());
    }
    let hash =
        found.as_ref().and_then(|f| f.principal.password_hash.clone()).unwrap_or_else(|| app.no_password.clone());
    let password = attempt.password.clone();
    let right = app.compute.run("password", move || domain::verify(&password, &hash)).await??;
    let Some(Found { tenant, principal, .. }) = found else { return Err(SessionError::Refused.into()) };
    let ctx = &as_principal(ctx, tenant, &principal);
    let new_hash = match &attempt.new_password {
        Some(new) if right && principal.one_time_until.is_some() => Some(new_hash(app, ctx, &principal, new).await?),
        _ => None,
    };
    match settle(app, ctx, &principal, &attempt, right, new_hash.as_deref()).await? {
        SignInOutcome::SignedIn(done) => Ok(*done),
        SignInOutcome::Refused => Err(SessionError::Refused.into()),
        SignInOutcome::SecondFactorNeeded => Err(SessionError::SecondFactorNeeded.into()),
        SignInOutcome::MustChange => Err(SessionError::MustChange.into()),
        SignInOutcome::NotEmployed => Err(SessionError::NotEmployed.into()),
    }
}

/// The principal that a name belongs to, if it can sign in, and its wrong passwords so far.
pub(crate) async fn find(app: &App, ctx: &OpContext, login: &str) -> Result<Option<Found>> {
    let Ok(name) = login.parse::<LoginName>() else { return Ok(None) };
    let Some((tenant, id)) = tenant::facts::look_up(&app.store, name.as_str()).await? else { return Ok(None) };
    let ctx = OpContext { actor: Actor { tenant, ..Actor::nobody() }, ..ctx.clone() };
    let tx = app.store.read(&ctx).await?;
    let principal = store::get(&tx, id).await?.filter(|principal| principal.holder.is_some());
    let tries = store::get_tries(&tx, id).await?.unwrap_or_default();
    Ok(principal.map(|principal| Found { tenant, principal, tries }))
}

/// The context of a public call by a principal that has shown who it is, or is about to.
pub(crate) fn as_principal(ctx: &OpContext, tenant: TenantId, principal: &Principal) -> OpContext {
    let kind = principal.person().map_or(ActorKind::User, ActorKind::Person);
    OpContext { actor: Actor { principal: principal.id, kind, tenant, on_behalf_of: None }, ..ctx.clone() }
}

/// The hash of a password somebody chose for himself.
pub(crate) async fn new_hash(app: &App, ctx: &OpContext, of: &Principal, new: &Password) -> Result<String> {
    let about = about(&*app.store.read(ctx).await?, &of.name, of.person()).await?;
    let (password, salt) = (new.clone(), ctx.rng.bytes());
    app.compute.run("password", move || domain::hash_chosen(&password, &about, salt)).await?
}

/// What somebody who guesses would try first.
async fn about(tx: &ScopedTx, login: &str, person: Option<PersonId>) -> Result<Vec<String>> {
    let mut about = vec![login.to_owned(), tenant::facts::get(tx).await?.name];
    if let Some(id) = person
        && let Some(person) = person::facts::get(tx, &Key::Id(id)).await?
    {
        about.extend([person.name, person.employee_no]);
    }
    Ok(about)
}

/// Counts the try and says what came of it: a right password lets in, unless the name waits at this moment, a code is
/// missing or wrong, or the password was for one sign-in.
async fn settle(
    app: &App,
    ctx: &OpContext,
    principal: &Principal,
    attempt: &Attempt,
    right: bool,
    new_hash: Option<&str>,
) -> Result<SignInOutcome> {
    let permit = ctx.permit::<SignIn>(&Target::tenant())?;
    app.store
        .retry(ctx, || async {
            let work = app.store.unit(ctx, &permit).await?;
            work.lock("sign_in", principal.id.0).await?;
            let before = store::get_tries(&work, principal.id).await?;
            let tries = before.unwrap_or_default();
            // Why this is not `perform`: a name that waits is refused without an entry, or guessing would fill the log.
            if tries.blocked(ctx.now()) {
                return Ok(SignInOutcome::Refused);
            }
            let (outcome, said) = match right {
                true => proven(app, &work, ctx, principal, attempt, new_hash).await?,
                false => (SignInOutcome::Refused, "wrong_password"),
            };
            let after = match &outcome {
                SignInOutcome::SignedIn(_) => Tries::default(),
                SignInOutcome::Refused => tries.failed(ctx.now()),
                // The password is right and the rest is not there yet: the count stays as it is, or whoever has the
                // password would be free to try codes.
                SignInOutcome::SecondFactorNeeded | SignInOutcome::MustChange | SignInOutcome::NotEmployed => tries,
            };
            if after != tries {
                store::put_tries(&work, ctx, principal.id, before, after).await?;
            }
            let audit = Audit::new("identity.session.sign_in", "principal", principal.id).note("outcome", said);
            work.commit(audit, outcome).await
        })
        .await
}

/// What becomes of a right password.
async fn proven(
    app: &App,
    work: &UnitOfWork,
    ctx: &OpContext,
    principal: &Principal,
    attempt: &Attempt,
    new_hash: Option<&str>,
) -> Result<(SignInOutcome, &'static str)> {
    if !views::employed_now(work, ctx, principal).await? {
        return Ok((SignInOutcome::NotEmployed, "not_employed"));
    }
    let second_factor = match login::facts::try_code(work, ctx, principal.id, &attempt.code).await? {
        CodeOutcome::NotEnrolled => false,
        CodeOutcome::Right => true,
        CodeOutcome::Missing => return Ok((SignInOutcome::SecondFactorNeeded, "second_factor_needed")),
        CodeOutcome::Wrong => return Ok((SignInOutcome::Refused, "wrong_code")),
    };
    match (principal.one_time_until, new_hash) {
        (None, _) => {}
        (Some(until), _) if until <= ctx.now() => return Ok((SignInOutcome::Refused, "one_time_password_late")),
        (Some(_), None) => return Ok((SignInOutcome::MustChange, "must_change")),
        (Some(_), Some(hash)) => store::put_password(work, principal.id, hash, None).await?,
    }
    if principal.reset_asked_at.is_some() {
        // Whoever signs in has found the password again.
        store::put_reset_asked(work, principal.id, None).await?;
    }
    let begun = Begun { method: Method::Password, client: &attempt.client, second_factor };
    let done = begin(app, work, ctx, begun).await?;
    Ok((SignInOutcome::SignedIn(Box::new(done)), "signed_in"))
}

/// Begins a session of the context's principal.
pub(crate) async fn begin(app: &App, work: &UnitOfWork, ctx: &OpContext, how: Begun<'_>) -> Result<SignedIn> {
    let secrets = Secrets::new();
    let ids = (SessionId(ctx.new_id()), ctx.actor.principal);
    let session = Session::begin(ids, how, ctx.now(), &secrets);
    store::begin(work, ctx, &session).await?;
    signed_in(app, ctx, &session, secrets)
}

fn signed_in(app: &App, ctx: &OpContext, session: &Session, secrets: Secrets) -> Result<SignedIn> {
    let (token, expires_at) = token(app, ctx, session)?;
    let refresh_token = RefreshToken { tenant: ctx.tenant(), session: session.id, secrets }.text();
    Ok(SignedIn {
        token,
        expires_at,
        principal: session.principal,
        refresh_token,
        session_expires_at: session.expires_at,
        session: session.id,
    })
}

/// An access token of the context's principal in a session: it never outlives the session.
pub(crate) fn token(app: &App, ctx: &OpContext, session: &Session) -> Result<(String, Timestamp)> {
    let now = ctx.now();
    let expires_at = now.checked_add(domain::TOKEN_LIFE).map_err(Error::internal)?.min(session.expires_at);
    let claims = Claims {
        iss: IDENTITY.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: ctx.actor.principal,
        tid: ctx.tenant(),
        rgn: ctx.regions.names(),
        typ: if ctx.actor.person().is_some() { TokenKind::Person } else { TokenKind::User },
        pid: ctx.actor.person(),
        sid: Some(session.id),
        mfa: session.second_factor,
        obo: None,
        exp: expires_at.as_second(),
        iat: now.as_second(),
        jti: ctx.new_id(),
    };
    Ok((app.signing.at(now).sign(&claims)?, expires_at))
}

/// What a refresh came to.
#[derive(Serialize, Deserialize)]
enum Refreshed {
    Newest(Box<SignedIn>),
    UsedBefore,
}

/// Trades a refresh token for the next pair of tokens. The same request gets the same pair again, so that a lost answer
/// costs nobody the session; another request with the same token ends it.
///
/// # Errors
/// `REFRESH_REFUSED`, `REFRESH_REUSED`.
pub(crate) async fn refresh(app: &App, ctx: &OpContext, wanted: Refresh) -> Result<SignedIn> {
    let refused = || Error::from(SessionError::RefreshRefused);
    let Some(token) = &wanted.token else { return Err(refused()) };
    let ctx = OpContext { actor: Actor { tenant: token.tenant, ..Actor::nobody() }, ..ctx.clone() };
    let ctx = {
        let tx = app.store.read(&ctx).await.map_err(|error| unless_away(error, refused()))?;
        let session = store::session(&tx, token.session).await?.ok_or_else(refused)?;
        let principal = store::get(&tx, session.principal).await?.ok_or_else(refused)?;
        as_principal(&ctx, token.tenant, &principal)
    };
    let permit = ctx.permit::<RefreshSession>(&Target::tenant())?;
    let (ctx, permit, wanted) = (&ctx, &permit, &wanted);
    let outcome = app.store.retry(ctx, || async {
        let mut work = app.store.unit(ctx, permit).await?;
        work.lock("session", token.session.0).await?;
        let session = store::session(&work, token.session).await?.ok_or_else(refused)?;
        let principal = store::get(&work, session.principal).await?.ok_or_else(refused)?;
        let shown = session.judge(token, ctx.now());
        // Why this is not `mutate`: the first result holds tokens, so only a session that stands may get it again.
        if shown == Shown::Unknown || !views::session_stands(&work, ctx, &principal, &session).await? {
            return Err(refused());
        }
        if let Some(done) = wanted.request.first_result::<Refreshed>(&mut work).await? {
            return Ok(done);
        }
        let audit = Audit::new("identity.session.refresh", "session", session.id);
        if shown == Shown::UsedBefore {
            store::end(&work, ctx, session.id, "refresh_reused").await?;
            return work.commit(audit.note("outcome", "reused"), Refreshed::UsedBefore).await;
        }
        let once = Secrets::new().once;
        let session = session.refreshed(&once, ctx.now());
        store::put_used(&work, &session).await?;
        let secrets = Secrets { family: Zeroizing::clone(&token.secrets.family), once };
        let done = signed_in(app, ctx, &session, secrets)?;
        work.commit(audit.note("outcome", "refreshed"), Refreshed::Newest(Box::new(done))).await
    });
    match outcome.await? {
        Refreshed::Newest(done) => Ok(*done),
        Refreshed::UsedBefore => Err(SessionError::RefreshReused.into()),
    }
}

/// What to say where the store of a token's group cannot be read: it is refused if the group is not here, and a store that
/// is away, or late, says nothing about the token.
pub(crate) fn unless_away(error: Error, refused: Error) -> Error {
    if error.kind() == Kind::FailedPrecondition { refused } else { error }
}

/// Whose sessions are asked about: one's own, or those of somebody whose login the caller may write.
///
/// # Errors
/// `NOT_FOUND` for somebody out of reach.
pub(crate) async fn whose(tx: &ScopedTx, ctx: &OpContext, principal: Option<PrincipalId>) -> Result<PrincipalId> {
    let own = ctx.actor.principal;
    let Some(other) = principal.filter(|id| *id != own) else { return Ok(own) };
    let target = access::app::receiver(tx, ctx, other).await?.target();
    if ctx.may(Permission::LoginWrite, &target) { Ok(other) } else { Err(Error::not_found("principal", other)) }
}

/// Sessions that live, newest first.
///
/// # Errors
/// `NOT_FOUND` for somebody out of reach.
pub(crate) async fn list(
    app: &App,
    ctx: &OpContext,
    principal: Option<PrincipalId>,
    page: &Page,
) -> Result<(Vec<Session>, String)> {
    ctx.permit::<ListSessions>(&Target::tenant())?;
    let tx = app.store.read(ctx).await?;
    let whose = whose(&tx, ctx, principal).await?;
    Ok(store::live(&tx, ctx.now(), Some(whose), None, page).await?)
}

/// Ends one session.
///
/// # Errors
/// `NOT_FOUND` for one that does not live, or is out of reach.
pub(crate) async fn end(app: &App, ctx: &OpContext, request: &RequestKey, id: SessionId) -> Result<()> {
    let permit = ctx.permit::<EndSession>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let missing = || Error::not_found("session", id);
        let session = store::session(&work, id).await?.filter(|s| s.lives(ctx.now())).ok_or_else(missing)?;
        let whose = whose(&work, ctx, Some(session.principal)).await.map_err(|_| missing())?;
        store::end(&work, ctx, id, "signed_out").await?;
        let audit = Audit::new("identity.session.end", "session", id).note("principal", whose);
        Ok((work, audit, ()))
    })
    .await
}

/// Ends every session of a principal: how many.
///
/// # Errors
/// `NOT_FOUND` for somebody out of reach.
pub(crate) async fn end_all(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    principal: Option<PrincipalId>,
) -> Result<u64> {
    let permit = ctx.permit::<EndAllSessions>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let whose = whose(&work, ctx, principal).await?;
        let ended = store::end_all(&work, ctx, whose, None, "signed_out_everywhere").await?;
        let audit = Audit::new("identity.session.end_all", "principal", whose).note("ended", ended);
        Ok((work, audit, ended))
    })
    .await
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
/// `LOGIN_TAKEN`, `PERSON_HAS_LOGIN`, `PASSWORD_WEAK`, `NOT_FOUND` for a person out of reach.
pub(crate) async fn create_login(app: &App, ctx: &OpContext, wanted: NewLogin) -> Result<MadeLogin> {
    let home = home(app, ctx, wanted.person).await?;
    let target = match (&home, wanted.person) {
        (Some((region, work)), Some(person)) => Target::person(region.clone(), *work, person),
        _ => Target::tenant(),
    };
    let permit = match wanted.person {
        Some(person) => ctx.permit_read::<CreateLogin>(&target, "person", person)?,
        None => ctx.permit::<CreateLogin>(&target)?,
    };
    let about = about(&*app.store.read(ctx).await?, wanted.login.as_str(), wanted.person).await?;
    let one_time = match &wanted.password {
        Some(_) => None,
        None => Some((
            domain::one_time_password().to_string(),
            ctx.now().checked_add(domain::INVITED_LIFE).map_err(Error::internal)?,
        )),
    };
    let (chosen, salt) = (wanted.password.clone(), ctx.rng.bytes());
    let typed = one_time.clone().map(|(password, _)| Password::typed(password));
    let hash = app.compute.run("password", move || match (chosen, typed) {
        (Some(chosen), _) => domain::hash_chosen(&chosen, &about, salt),
        (None, typed) => domain::hash(&typed.unwrap_or_else(|| Password::typed(String::new())), salt),
    });
    let hash = hash.await??;
    let region = home.map_or_else(Region::global, |(region, _)| region);
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let id = PrincipalId(ctx.new_id());
        let principal = Principal {
            id,
            name: wanted.login.as_str().to_owned(),
            holder: Some(wanted.person.map_or(Holder::User, Holder::Person)),
            password_hash: Some(hash.clone()),
            one_time_until: one_time.as_ref().map(|(_, until)| *until),
            reset_asked_at: None,
        };
        store::insert(&work, ctx, &principal, &region).await?;
        let audit = Audit::new("identity.login.create", "principal", id).region(&region);
        Ok((work, audit.note("invited", one_time.is_some()), MadeLogin { id, one_time: one_time.clone() }))
    })
    .await
}

/// Where a person belongs: the region and unit of the home employment.
pub(crate) async fn home(
    app: &App,
    ctx: &OpContext,
    person: Option<PersonId>,
) -> Result<Option<(Region, Option<tally_kernel::id::OrgUnitId>)>> {
    let Some(id) = person else { return Ok(None) };
    let tx = app.store.read(ctx).await?;
    let today = tenant::facts::today(&tx, ctx).await?;
    let found = person::facts::get(&tx, &Key::Id(id)).await?;
    let person = found.ok_or_else(|| Error::not_found("person", id))?;
    Ok(person.home(today).map(|home| (home.region.clone(), Some(home.unit))))
}
