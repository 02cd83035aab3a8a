//! The modules of a group. A group without a row has them all.

use sea_orm::ColumnTrait as _;
use tally_access::{Modules, OpContext};
use tally_store::{ScopedTx, StoreError, UnitOfWork, to_db};

pub(crate) mod entitlements {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "entitlements")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        /// The group: it has one row.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// Names, joined by commas.
        pub modules: String,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId });
}

/// The modules that the group has.
pub(crate) async fn modules(tx: &ScopedTx) -> Result<Modules, StoreError> {
    let row = tx.select::<entitlements::Entity>().one().await?;
    let named =
        |row: entitlements::Model| row.modules.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect();
    Ok(row.map_or(Modules::All, |row| Modules::Only(named(row))))
}

pub(crate) async fn put(work: &UnitOfWork, ctx: &OpContext, modules: &Modules) -> Result<(), StoreError> {
    let tenant = ctx.tenant().0;
    // One row, under the group's lock.
    work.delete::<entitlements::Entity>().filter(entitlements::Column::Id.eq(tenant)).exec().await?;
    let Modules::Only(names) = modules else { return Ok(()) };
    let modules = names.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    work.insert(entitlements::Model { tenant_id: tenant, id: tenant, modules, recorded_at: to_db(ctx.now()) }).await
}
