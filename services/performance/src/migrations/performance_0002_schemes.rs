//! Schemes and their versions, which never change.

use sea_orm_migration::prelude::*;
use tally_store::migration::{Keys, create_table, index, int, region, text, uuid};

use super::sorted_text;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "performance_0002_schemes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        create_table(m, "schemes", [region(), sorted_text(m, "name"), int("newest")]).await?;
        index(m, "schemes", ["name"], Keys::Unique).await?;
        create_table(m, "scheme_versions", [region(), uuid("scheme_id"), int("version"), text("body")]).await?;
        index(m, "scheme_versions", ["scheme_id", "version"], Keys::Unique).await
    }
}
