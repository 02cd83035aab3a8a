//! Principals, their wrong passwords in a row, and their sessions.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait as _, ExprTrait as _};
use tally_access::{OpContext, Permission, Plan, Region, Rpc};
use tally_kernel::Error;
use tally_kernel::id::{PersonId, PrincipalId, SessionId};
use tally_kernel::page::Page;
use tally_store::{Conflict as _, ScopedTx, StoreError, UnitOfWork, among, from_db, to_db, word_from_db};

use super::domain::{Holder, LoginName, Method, Principal, Session, SessionError, Tries};
use crate::{revision, tenant};

pub(crate) mod principals {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "principals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub person_id: Option<Uuid>,
        /// `person`, `user`, `account` or `service`.
        pub kind: String,
        /// Sign-in name, name of an account, or `service/<name>`.
        pub name: String,
        #[serde(skip)]
        pub password_hash: Option<String>,
        pub one_time_until: Option<DateTimeUtc>,
        /// Since when a new password is asked for.
        pub reset_asked_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, person: PersonId });
}

mod tries {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sign_in_tries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub full_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId });
}

pub(crate) mod sessions {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "sessions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub principal_id: Uuid,
        pub method: String,
        pub client: String,
        pub second_factor: bool,
        /// Names of permissions joined by commas, where the session is limited to some.
        pub permissions: Option<String>,
        pub created_at: DateTimeUtc,
        pub used_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub ended_at: Option<DateTimeUtc>,
        pub end_reason: Option<String>,
        #[serde(skip)]
        pub family: Option<Vec<u8>>,
        #[serde(skip)]
        pub secret: Vec<u8>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId });
}

pub(crate) async fn get(tx: &ScopedTx, id: PrincipalId) -> Result<Option<Principal>, StoreError> {
    let row = tx.select::<principals::Entity>().filter(principals::Column::Id.eq(id.0)).one().await?;
    row.map(read_principal).transpose()
}

/// The login of a person, if there is one.
pub(crate) async fn of_person(tx: &ScopedTx, person: PersonId) -> Result<Option<Principal>, StoreError> {
    let row = tx.select::<principals::Entity>().filter(principals::Column::PersonId.eq(person.0)).one().await?;
    row.map(read_principal).transpose()
}

/// Who signs in by this name.
pub(crate) async fn of_login(tx: &ScopedTx, name: &LoginName) -> Result<Option<Principal>, StoreError> {
    let named = principals::Column::Name.eq(name.as_str());
    let row = tx.select::<principals::Entity>().filter(named).one().await?;
    let signs_in = |p: &Principal| matches!(p.holder, Some(Holder::Person(_) | Holder::User));
    Ok(row.map(read_principal).transpose()?.filter(signs_in))
}

/// A page of the accounts of programs, oldest first, with when each was made.
pub(crate) async fn accounts(tx: &ScopedTx, page: &Page) -> Result<(Vec<(Principal, Timestamp)>, String), StoreError> {
    let found = tx.select::<principals::Entity>().filter(principals::Column::Kind.eq("account"));
    let (rows, next) = found.page_asc(page, [principals::Column::Id]).await?;
    let read = |row: principals::Model| {
        let at = from_db(row.recorded_at)?;
        Ok((read_principal(row)?, at))
    };
    Ok((rows.into_iter().map(read).collect::<Result<_, StoreError>>()?, next))
}

/// A page of those that the plan reaches and that can sign in or hold keys, by id, with the region of each and when it was made.
pub(crate) async fn list<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    page: &Page,
) -> Result<(Vec<(Principal, Region, Timestamp)>, String), StoreError> {
    let held = principals::Column::Kind.is_in(["person", "user", "account"]);
    let found = tx.select::<principals::Entity>().within(plan).filter(held);
    let (rows, next) = found.page_asc(page, [principals::Column::Id]).await?;
    let read = |row: principals::Model| {
        let (at, region) = (from_db(row.recorded_at)?, row.region.parse()?);
        Ok((read_principal(row)?, region, at))
    };
    Ok((rows.into_iter().map(read).collect::<Result<_, StoreError>>()?, next))
}

/// Name and person of each of these principals.
pub(crate) async fn names(
    tx: &ScopedTx,
    of: impl IntoIterator<Item = PrincipalId>,
) -> Result<HashMap<PrincipalId, (Option<PersonId>, String)>, StoreError> {
    let these = among::<principals::Entity>(tx, principals::Column::Id, of);
    let rows = tx.select::<principals::Entity>().filter(these).all().await?;
    Ok(rows.into_iter().map(|row| (PrincipalId(row.id), (row.person_id.map(PersonId), row.name))).collect())
}

fn read_principal(row: principals::Model) -> Result<Principal, StoreError> {
    let holder = match (row.kind.as_str(), row.person_id) {
        ("person", Some(person)) => Some(Holder::Person(PersonId(person))),
        ("user", None) => Some(Holder::User),
        ("account", None) => Some(Holder::Account),
        _ => None,
    };
    Ok(Principal {
        id: PrincipalId(row.id),
        name: row.name,
        holder,
        password_hash: row.password_hash,
        one_time_until: row.one_time_until.map(from_db).transpose()?,
        reset_asked_at: row.reset_asked_at.map(from_db).transpose()?,
    })
}

/// Writes a principal; a name that can sign in is entered in the directory too.
pub(crate) async fn insert(
    work: &UnitOfWork,
    ctx: &OpContext,
    principal: &Principal,
    region: &Region,
) -> Result<(), StoreError> {
    let (kind, person) = match principal.holder {
        Some(Holder::Person(person)) => ("person", Some(person.0)),
        Some(Holder::User) => ("user", None),
        Some(Holder::Account) => ("account", None),
        None => ("service", None),
    };
    let row = principals::Model {
        tenant_id: ctx.tenant().0,
        id: principal.id.0,
        region: region.to_string(),
        person_id: person,
        kind: kind.to_owned(),
        name: principal.name.clone(),
        password_hash: principal.password_hash.clone(),
        one_time_until: principal.one_time_until.map(to_db),
        reset_asked_at: principal.reset_asked_at.map(to_db),
        recorded_at: to_db(ctx.now()),
    };
    let taken = || SessionError::LoginTaken.into();
    if matches!(principal.holder, Some(Holder::Person(_) | Holder::User)) {
        tenant::facts::enter(work, &principal.name, ctx.tenant(), principal.id, taken).await?;
    }
    let written = work.insert(row).await.conflict_on("person_id", || SessionError::PersonHasLogin.into());
    written.conflict_on("name", taken)
}

/// Writes since when a new password is asked for, or that none is any more.
pub(crate) async fn put_reset_asked(
    work: &UnitOfWork,
    principal: PrincipalId,
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    work.update::<principals::Entity>()
        .set(principals::Column::ResetAskedAt, at.map(to_db))
        .filter(principals::Column::Id.eq(principal.0))
        .exec_one()
        .await
}

/// Writes a new password, which nobody asks for any more; `one_time_until` says until when it is good for one sign-in, and nothing that it stays.
pub(crate) async fn put_password(
    work: &UnitOfWork,
    principal: PrincipalId,
    hash: &str,
    one_time_until: Option<Timestamp>,
) -> Result<(), StoreError> {
    work.update::<principals::Entity>()
        .set(principals::Column::PasswordHash, hash)
        .set(principals::Column::OneTimeUntil, one_time_until.map(to_db))
        .set(principals::Column::ResetAskedAt, None::<Timestamp>.map(to_db))
        .filter(principals::Column::Id.eq(principal.0))
        .exec_one()
        .await
}

pub(crate) async fn begin(work: &UnitOfWork, ctx: &OpContext, session: &Session) -> Result<(), StoreError> {
    let names = |some: &BTreeSet<Permission>| some.iter().map(|p| p.name()).collect::<Vec<_>>().join(",");
    work.insert(sessions::Model {
        tenant_id: ctx.tenant().0,
        id: session.id.0,
        principal_id: session.principal.0,
        method: session.method.to_string(),
        client: session.client.clone(),
        second_factor: session.second_factor,
        permissions: session.permissions.as_ref().map(names),
        created_at: to_db(session.created_at),
        used_at: to_db(session.used_at),
        expires_at: to_db(session.expires_at),
        ended_at: session.ended_at.map(to_db),
        end_reason: None,
        family: session.family.map(|digest| digest.to_vec()),
        secret: session.secret.to_vec(),
        recorded_at: to_db(ctx.now()),
    })
    .await
}

/// One session, however it stands.
pub(crate) async fn session(tx: &ScopedTx, id: SessionId) -> Result<Option<Session>, StoreError> {
    let row = tx.select::<sessions::Entity>().filter(sessions::Column::Id.eq(id.0)).one().await?;
    row.map(read_session).transpose()
}

/// The same and the group's revision of access facts, in one query: every call asks for both.
pub(crate) async fn session_with_revision(tx: &ScopedTx, id: SessionId) -> Result<Option<(Session, u64)>, StoreError> {
    let query = tx.select::<sessions::Entity>().filter(sessions::Column::Id.eq(id.0));
    let found = query.one_with(revision::facts::revision_of(sessions::Column::TenantId)).await?;
    let Some((row, revision)) = found else { return Ok(None) };
    Ok(Some((read_session(row)?, revision::facts::read_revision(revision)?)))
}

/// Writes what a refresh changed, or the trade of a key.
pub(crate) async fn put_used(work: &UnitOfWork, session: &Session) -> Result<(), StoreError> {
    work.update::<sessions::Entity>()
        .set(sessions::Column::UsedAt, to_db(session.used_at))
        .set(sessions::Column::ExpiresAt, to_db(session.expires_at))
        .set(sessions::Column::Secret, session.secret.to_vec())
        .filter(sessions::Column::Id.eq(session.id.0).and(sessions::Column::EndedAt.is_null()))
        .exec_one()
        .await
}

pub(crate) async fn end(work: &UnitOfWork, ctx: &OpContext, id: SessionId, reason: &str) -> Result<(), StoreError> {
    end_where(work, ctx, sessions::Column::Id.eq(id.0), reason).await.map(drop)
}

/// Ends every session of a principal, its API keys among them, but one: how many.
pub(crate) async fn end_all(
    work: &UnitOfWork,
    ctx: &OpContext,
    principal: PrincipalId,
    but: Option<SessionId>,
    reason: &str,
) -> Result<u64, StoreError> {
    let of = sessions::Column::PrincipalId.eq(principal.0);
    let others = match but {
        Some(id) => of.and(sessions::Column::Id.ne(id.0)),
        None => of,
    };
    end_where(work, ctx, others, reason).await
}

async fn end_where(work: &UnitOfWork, ctx: &OpContext, which: Expr, reason: &str) -> Result<u64, StoreError> {
    let now = to_db(ctx.now());
    let live = sessions::Column::EndedAt.is_null().and(sessions::Column::ExpiresAt.gt(now));
    work.update::<sessions::Entity>()
        .set(sessions::Column::EndedAt, now)
        .set(sessions::Column::EndReason, reason)
        .filter(which.and(live))
        .exec()
        .await
}

/// Removes the sessions and the tries of an erased person's login: how many rows.
pub(crate) async fn forget(work: &UnitOfWork, principal: PrincipalId) -> Result<u64, StoreError> {
    let gone = work.delete::<sessions::Entity>().filter(sessions::Column::PrincipalId.eq(principal.0)).exec().await?;
    Ok(gone + work.delete::<tries::Entity>().filter(tries::Column::Id.eq(principal.0)).exec().await?)
}

/// Sessions that live, newest first: of one principal, or of all; API keys alone, or all kinds.
pub(crate) async fn live(
    tx: &ScopedTx,
    now: Timestamp,
    principal: Option<PrincipalId>,
    method: Option<Method>,
    page: &Page,
) -> Result<(Vec<Session>, String), StoreError> {
    let mut wanted =
        Condition::all().add(sessions::Column::EndedAt.is_null()).add(sessions::Column::ExpiresAt.gt(to_db(now)));
    if let Some(principal) = principal {
        wanted = wanted.add(sessions::Column::PrincipalId.eq(principal.0));
    }
    if let Some(method) = method {
        wanted = wanted.add(sessions::Column::Method.eq(method.to_string()));
    }
    let found = tx.select::<sessions::Entity>().filter(wanted);
    let (rows, next) = found.page_desc(page, [sessions::Column::CreatedAt, sessions::Column::Id]).await?;
    Ok((rows.into_iter().map(read_session).collect::<Result<_, _>>()?, next))
}

fn read_session(row: sessions::Model) -> Result<Session, StoreError> {
    let odd = |what: &str| StoreError::from(Error::internal(format!("session {}: {what}", row.id)));
    let digest = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| odd("a digest of another length"));
    // A permission that this version does not know is one that it never asks for.
    let read = |names: &String| names.split(',').filter_map(|name| name.parse::<Permission>().ok()).collect();
    Ok(Session {
        id: SessionId(row.id),
        principal: PrincipalId(row.principal_id),
        method: word_from_db("a session's method", &row.method)?,
        second_factor: row.second_factor,
        permissions: row.permissions.as_ref().map(read),
        created_at: from_db(row.created_at)?,
        used_at: from_db(row.used_at)?,
        expires_at: from_db(row.expires_at)?,
        ended_at: row.ended_at.map(from_db).transpose()?,
        family: row.family.as_deref().map(digest).transpose()?,
        secret: digest(&row.secret)?,
        client: row.client,
    })
}

/// Wrong passwords in a row.
pub(crate) async fn get_tries(tx: &ScopedTx, principal: PrincipalId) -> Result<Option<Tries>, StoreError> {
    let row = tx.select::<tries::Entity>().filter(tries::Column::Id.eq(principal.0)).one().await?;
    row.map(|row| Ok(Tries { full_at: row.full_at.map(from_db).transpose()? })).transpose()
}

/// Writes what `old` has become.
pub(crate) async fn put_tries(
    work: &UnitOfWork,
    ctx: &OpContext,
    principal: PrincipalId,
    old: Option<Tries>,
    new: Tries,
) -> Result<(), StoreError> {
    let row = tries::Model {
        tenant_id: ctx.tenant().0,
        id: principal.0,
        full_at: new.full_at.map(to_db),
        recorded_at: to_db(ctx.now()),
    };
    if old.is_none() {
        return work.insert(row).await;
    }
    work.update::<tries::Entity>()
        .set(tries::Column::FullAt, row.full_at)
        .set(tries::Column::RecordedAt, row.recorded_at)
        .filter(tries::Column::Id.eq(principal.0))
        .exec_one()
        .await
}
