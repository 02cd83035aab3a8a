//! Settlements, statements and carry books. That nobody approves what he prepared is a rule of the database too.

use sea_orm_migration::prelude::DbErr;
use tally_store::migration::{
    Keys, MigrationName, MigrationTrait, SchemaManager, big, bytes, check, create_table, index, region, text, uuid,
    uuid_null,
};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "compensation_0002_settlements"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let hands = [uuid("prepared_by"), uuid_null("approved_by"), uuid_null("posted_by")];
        let [prepared_by, approved_by, posted_by] = hands;
        let columns = [
            region(),
            uuid("pool_id"),
            uuid("cycle_id"),
            text("stage"),
            bytes("sums"),
            big("people"),
            text("inputs_digest"),
            prepared_by,
            approved_by,
            posted_by,
        ];
        create_table(m, "settlements", columns).await?;
        check(m, "settlements", "hands", "approved_by IS NULL OR approved_by <> prepared_by").await?;
        let columns = [
            region(),
            uuid("unit_id"),
            uuid("person_id"),
            uuid("settlement_id"),
            uuid("cycle_id"),
            text("currency"),
            bytes("line"),
        ];
        create_table(m, "statements", columns).await?;
        index(m, "statements", ["settlement_id", "person_id"], Keys::Unique).await?;
        create_table(m, "carry_books", [region(), text("currency"), bytes("book")]).await?;
        index(m, "carry_books", ["currency"], Keys::Unique).await
    }
}
