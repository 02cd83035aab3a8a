//! Pools: the amount is sealed.

use sea_orm_migration::prelude::DbErr;
use tally_store::class::Salary;
use tally_store::migration::{
    MigrationName, MigrationTrait, SchemaManager, bytes, create_table, region, sealed_column, text, uuid,
};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "compensation_0001_pools"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        create_table(m, "pools", [region(), text("name"), uuid("cycle_id"), bytes("amount"), text("rule")]).await?;
        sealed_column::<Salary>(m, "pools", "amount").await
    }
}
