//! Settlements, statements and carry books. That three people prepare,
//! approve and post is a rule of the database too.

use sea_orm_migration::prelude::DbErr;
use tally_app::four_eyes::constraint;
use tally_store::class::Salary;
use tally_store::migration::{
    Keys, MigrationName, MigrationTrait, SchemaManager, big, bytes, check, create_table, index, region, sealed_column,
    text, uuid, uuid_null,
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
        let columns = [
            region(),
            uuid("pool_id"),
            uuid("cycle_id"),
            text("stage"),
            bytes("sums"),
            big("people"),
            text("inputs_digest"),
            uuid("prepared_by"),
            uuid_null("prepared_person"),
            uuid_null("prepared_for"),
            uuid_null("approved_by"),
            uuid_null("approved_person"),
            uuid_null("approved_for"),
            uuid_null("posted_by"),
            uuid_null("posted_person"),
            uuid_null("posted_for"),
        ];
        create_table(m, "settlements", columns).await?;
        sealed_column::<Salary>(m, "settlements", "sums").await?;
        check(m, "settlements", "approver", &constraint("approved", "prepared")).await?;
        check(m, "settlements", "poster", &constraint("posted", "prepared")).await?;
        check(m, "settlements", "payer", &constraint("posted", "approved")).await?;
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
        sealed_column::<Salary>(m, "statements", "line").await?;
        index(m, "statements", ["settlement_id", "person_id"], Keys::Unique).await?;
        create_table(m, "carry_books", [region(), text("currency"), bytes("book")]).await?;
        sealed_column::<Salary>(m, "carry_books", "book").await?;
        index(m, "carry_books", ["currency"], Keys::Unique).await
    }
}
