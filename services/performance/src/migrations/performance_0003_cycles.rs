//! Cycles: one run of a scheme over a period.

use sea_orm_migration::prelude::*;
use tally_store::migration::{big, create_table, int, region, text, text_null, uuid, uuid_null};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "performance_0003_cycles"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            region(),
            text("name"),
            text("period_from"),
            text("period_to"),
            uuid("scheme_id"),
            int("scheme_version"),
            text("policy"),
            text("state"),
            uuid_null("run_id"),
            int("done"),
            int("total"),
            text("step"),
            text_null("failure"),
            text_null("summary"),
            big("version"),
        ];
        create_table(m, "cycles", columns).await
    }
}
