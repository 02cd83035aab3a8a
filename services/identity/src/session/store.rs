//! Principals and their wrong passwords in a row.

use sea_orm::ColumnTrait as _;
use tally_access::{OpContext, Region};
use tally_kernel::id::{PersonId, PrincipalId};
use tally_store::{Conflict as _, ScopedTx, StoreError, Unit, from_db, to_db};

use super::domain::{Holder, Principal, SessionError, Tries};
use crate::tenant;

mod principals {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "principals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub person_id: Option<Uuid>,
        /// `person`, `user` or `service`.
        pub kind: String,
        /// Sign-in name, or `service/<name>`.
        pub name: String,
        pub password_hash: Option<String>,
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
        /// The principal.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub failures: i32,
        pub blocked_until: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId });
}

/// One principal.
pub(crate) async fn get(tx: &ScopedTx, id: PrincipalId) -> Result<Option<Principal>, StoreError> {
    let row = tx.select::<principals::Entity>().filter(principals::Column::Id.eq(id.0)).one().await?;
    Ok(row.map(|row| {
        let holder = match (row.kind.as_str(), row.person_id) {
            ("person", Some(person)) => Some(Holder::Person(PersonId(person))),
            ("user", None) => Some(Holder::User),
            _ => None,
        };
        Principal { id: PrincipalId(row.id), holder, password_hash: row.password_hash }
    }))
}

/// Writes a principal under a name; a name that can sign in is entered in the directory too.
pub(crate) async fn insert(
    unit: &Unit,
    ctx: &OpContext,
    principal: &Principal,
    name: &str,
    region: &Region,
) -> Result<(), StoreError> {
    let (kind, person) = match principal.holder {
        Some(Holder::Person(person)) => ("person", Some(person.0)),
        Some(Holder::User) => ("user", None),
        None => ("service", None),
    };
    let row = principals::Model {
        tenant_id: ctx.tenant().0,
        id: principal.id.0,
        region: region.to_string(),
        person_id: person,
        kind: kind.to_owned(),
        name: name.to_owned(),
        password_hash: principal.password_hash.clone(),
        recorded_at: to_db(ctx.now()),
    };
    if principal.holder.is_some() {
        let taken = || SessionError::LoginTaken.into();
        tenant::store::enter(unit, name, ctx.tenant(), principal.id, taken).await?;
    }
    unit.insert(row).await.conflict_on("person_id", || SessionError::PersonHasLogin.into())
}

/// Wrong passwords in a row.
pub(crate) async fn get_tries(tx: &ScopedTx, principal: PrincipalId) -> Result<Option<Tries>, StoreError> {
    let row = tx.select::<tries::Entity>().filter(tries::Column::Id.eq(principal.0)).one().await?;
    Ok(row.map(|row| Tries {
        failures: u32::try_from(row.failures).unwrap_or(0),
        blocked_until: row.blocked_until.map(from_db),
    }))
}

/// Writes what `old` has become.
pub(crate) async fn put_tries(
    unit: &Unit,
    ctx: &OpContext,
    principal: PrincipalId,
    old: Option<Tries>,
    new: Tries,
) -> Result<(), StoreError> {
    let row = tries::Model {
        tenant_id: ctx.tenant().0,
        id: principal.0,
        failures: i32::try_from(new.failures).unwrap_or(i32::MAX),
        blocked_until: new.blocked_until.map(to_db),
        recorded_at: to_db(ctx.now()),
    };
    if old.is_none() {
        return unit.insert(row).await;
    }
    unit.update::<tries::Entity>()
        .set(tries::Column::Failures, row.failures)
        .set(tries::Column::BlockedUntil, row.blocked_until)
        .set(tries::Column::RecordedAt, row.recorded_at)
        .filter(tries::Column::Id.eq(principal.0))
        .exec_one()
        .await
}
