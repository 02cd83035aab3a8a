//! Hand-overs, unique by account, person, instant and kind.

use tally_store::migration::{
    Keys, MigrationName, MigrationTrait, SchemaManager, create_table, index, instant, region, text, unit, uuid,
};
use tally_store::orm::DbErr;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "attendance_0005_handovers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let columns = [region(), unit(), uuid("person_id"), uuid("account_id"), instant("at"), text("kind")];
        create_table(m, "handovers", columns).await?;
        index(m, "handovers", ["account_id", "person_id", "at", "kind"], Keys::Unique).await?;
        index(m, "handovers", ["at", "id"], Keys::Shared).await
    }
}
