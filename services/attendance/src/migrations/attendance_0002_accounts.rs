//! Accounts, unique by key, and their phases, unique by account and date.

use tally_store::migration::{
    Keys, MigrationName, MigrationTrait, SchemaManager, create_table, date, flag, index, int, region, text, unit, uuid,
};
use tally_store::orm::DbErr;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "attendance_0002_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            region(),
            unit(),
            text("platform"),
            text("store"),
            text("name"),
            text("key"),
            text("zone"),
            text("team_path"),
            flag("exclusive"),
        ];
        create_table(m, "accounts", columns).await?;
        index(m, "accounts", ["key"], Keys::Unique).await?;
        let columns = [region(), uuid("account_id"), date("from_date"), text("kind"), int("capacity")];
        create_table(m, "account_phases", columns).await?;
        index(m, "account_phases", ["account_id", "from_date"], Keys::Unique).await
    }
}
