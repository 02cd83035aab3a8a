//! Aliases, unique by platform, nickname and first date.

use tally_store::migration::{
    Keys, MigrationName, MigrationTrait, SchemaManager, create_table, date, date_null, index, region, text, unit, uuid,
};
use tally_store::orm::DbErr;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "attendance_0006_aliases"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            region(),
            unit(),
            uuid("person_id"),
            text("platform"),
            text("alias"),
            date("from_date"),
            date_null("to_date"),
        ];
        create_table(m, "aliases", columns).await?;
        index(m, "aliases", ["platform", "alias", "from_date"], Keys::Unique).await?;
        index(m, "aliases", ["alias"], Keys::Shared).await
    }
}
