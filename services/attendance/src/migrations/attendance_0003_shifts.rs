//! Published shifts, unique by person, account and start.

use tally_store::migration::{
    Keys, MigrationName, MigrationTrait, SchemaManager, create_table, index, instant, region, unit, uuid,
};
use tally_store::orm::DbErr;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "attendance_0003_shifts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let columns = [region(), unit(), uuid("person_id"), uuid("account_id"), instant("start_at"), instant("end_at")];
        create_table(m, "shifts", columns).await?;
        index(m, "shifts", ["person_id", "account_id", "start_at"], Keys::Unique).await?;
        index(m, "shifts", ["start_at", "id"], Keys::Shared).await
    }
}
