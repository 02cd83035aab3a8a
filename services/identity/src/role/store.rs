//! Versions of the group's own roles.

use sea_orm::{ColumnTrait as _, ExprTrait as _};
use tally_access::{OpContext, Permission, ScopeKind};
use tally_kernel::Error;
use tally_store::{ScopedTx, StoreError, UnitOfWork, number_from_db, to_db, word_from_db};

use super::domain::{OwnRole, Roles};

pub(crate) mod own_roles {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "own_roles")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        /// This version.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub version: i32,
        pub description: String,
        /// Names, joined by commas.
        pub permissions: String,
        /// Names, joined by commas.
        pub scopes: String,
        pub reason: String,
        pub written_by: Uuid,
        pub superseded_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId });
}

/// The roles as they are now.
pub(crate) async fn all(tx: &ScopedTx) -> Result<Roles, StoreError> {
    let now = own_roles::Column::SupersededAt.is_null();
    let rows = tx.select::<own_roles::Entity>().filter(now).order_by_asc(own_roles::Column::Name).all().await?;
    Ok(Roles::new(rows.into_iter().map(read).collect::<Result<_, _>>()?))
}

/// Writes a version beside the one it takes the place of.
pub(crate) async fn write(work: &UnitOfWork, ctx: &OpContext, role: &OwnRole, reason: &str) -> Result<(), StoreError> {
    if role.version > 1 {
        supersede(work, ctx, &role.name).await?;
    }
    let row = own_roles::Model {
        tenant_id: ctx.tenant().0,
        id: ctx.new_id(),
        name: role.name.clone(),
        version: i32::try_from(role.version).map_err(|e| Error::internal(format!("version of a role: {e}")))?,
        description: role.description.clone(),
        permissions: joined(role.permissions.iter().map(|p| p.name())),
        scopes: joined(role.scopes.iter().map(|s| s.into())),
        reason: reason.to_owned(),
        written_by: ctx.actor.principal.0,
        superseded_at: None,
        recorded_at: to_db(ctx.now()),
    };
    work.insert(row).await
}

/// Closes the version of now. What it said stays.
pub(crate) async fn supersede(work: &UnitOfWork, ctx: &OpContext, name: &str) -> Result<(), StoreError> {
    let now = own_roles::Column::Name.eq(name).and(own_roles::Column::SupersededAt.is_null());
    let update = work.update::<own_roles::Entity>();
    update.set(own_roles::Column::SupersededAt, to_db(ctx.now())).filter(now).exec_one().await
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(",")
}

fn read(row: own_roles::Model) -> Result<OwnRole, StoreError> {
    let scope = |name| word_from_db::<ScopeKind>("a role's scope", name);
    // A permission that a newer version of the program knew gives nothing here, and does not come back by itself.
    let permissions = row.permissions.split(',').filter_map(|name| name.parse::<Permission>().ok()).collect();
    Ok(OwnRole {
        permissions,
        scopes: row.scopes.split(',').map(scope).collect::<Result<_, _>>()?,
        version: number_from_db("the version of a role", row.version)?,
        name: row.name,
        description: row.description,
    })
}
