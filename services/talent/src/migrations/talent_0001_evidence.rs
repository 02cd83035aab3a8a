//! Evidence on people's profiles: a cycle says each thing about a person once.

use sea_orm_migration::prelude::DbErr;
use tally_store::migration::{
    Keys, MigrationName, MigrationTrait, SchemaManager, big, create_table, index, region, text, unit, uuid,
};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "talent_0001_evidence"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let columns =
            [region(), unit(), uuid("person_id"), uuid("cycle_id"), text("kind"), text("subject"), big("value_micro")];
        create_table(m, "evidence", columns).await?;
        index(m, "evidence", ["cycle_id", "person_id", "kind", "subject"], Keys::Unique).await?;
        index(m, "evidence", ["person_id", "recorded_at"], Keys::Shared).await
    }
}
