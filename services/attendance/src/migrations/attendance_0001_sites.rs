//! Sites, unique by name.

use tally_store::migration::{Keys, MigrationName, MigrationTrait, SchemaManager, create_table, index, region, text};
use tally_store::orm::DbErr;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "attendance_0001_sites"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let columns = [region(), text("name"), text("zone"), text("cut_over")];
        create_table(m, "sites", columns).await?;
        index(m, "sites", ["name"], Keys::Unique).await
    }
}
