//! Service records. The natural key is the primary key, and instants are milliseconds: a month of a million records is
//! written and read in seconds.

use sea_orm_migration::prelude::*;
use tally_store::migration::{
    Keys, audit_id, big, big_null, bytes, enable_rls, index, instant, int_null, region, text, text_null, unit, uuid,
};

use super::sorted_text;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "performance_0001_records"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table
            .table("records")
            .col(uuid("tenant_id"))
            .col(uuid("account_id"))
            .col(sorted_text(m, "external_id"))
            .col(uuid("id"));
        table
            .col(region())
            .col(unit())
            .col(big("started_ms"))
            .col(big("ended_ms"))
            .col(text("agent"))
            .col(text("kind"));
        table
            .col(big_null("first_reply_ms"))
            .col(ColumnDef::new("resolved").boolean().null())
            .col(int_null("rating_milli"));
        table.col(big_null("amount_minor")).col(text("customer")).col(text_null("measures")).col(bytes("content"));
        table.col(instant("recorded_at")).col(audit_id());
        let mut key = Index::create();
        key.name("records_pk").col("tenant_id").col("account_id").col("external_id");
        table.primary_key(&mut key);
        m.create_table(table).await?;
        enable_rls(m, "records").await?;
        index(m, "records", ["account_id", "started_ms", "external_id"], Keys::Shared).await
    }
}
