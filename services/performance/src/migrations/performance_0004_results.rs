//! What a run found out: frozen inputs, credits, totals, sums of measures, findings, cards.

use sea_orm_migration::prelude::*;
use tally_store::migration::{
    Keys, audit_id, big, bytes, create_table, enable_rls, index, int, person, region, text, unit, uuid,
};

use super::sorted_text;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "performance_0004_results"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        credits(m).await?;
        create_table(m, "frozen_inputs", [uuid("run_id"), int("ordinal"), bytes("body")]).await?;
        index(m, "frozen_inputs", ["run_id", "ordinal"], Keys::Unique).await?;
        let account = [
            region(),
            unit(),
            uuid("run_id"),
            uuid("account_id"),
            text("account_key"),
            int("component"),
            text("figures"),
            bytes("digest"),
        ];
        create_table(m, "account_results", account).await?;
        index(m, "account_results", ["run_id", "account_id"], Keys::Unique).await?;
        totals(m).await?;
        create_table(m, "person_sums", [uuid("run_id"), uuid("person_id"), int("component"), text("body")]).await?;
        index(m, "person_sums", ["run_id", "person_id"], Keys::Unique).await?;
        let finding = [
            region(),
            unit(),
            person(),
            uuid("run_id"),
            int("component"),
            sorted_text(m, "kind"),
            sorted_text(m, "subject"),
            sorted_text(m, "at"),
            text("detail"),
        ];
        create_table(m, "findings", finding).await?;
        index(m, "findings", ["run_id", "kind", "subject", "at", "id"], Keys::Shared).await?;
        cards(m).await
    }
}

/// One row a record. The key is the order in which credits are read, and the only index.
async fn credits(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = Table::create();
    table.table("credits").col(uuid("tenant_id")).col(uuid("run_id")).col(uuid("account_id")).col(big("started_ms"));
    table
        .col(sorted_text(m, "external_id"))
        .col(region())
        .col(int("rung"))
        .col(text("reason"))
        .col(bytes("shares"))
        .col(audit_id());

    let mut key = Index::create();
    key.name("credits_pk").col("tenant_id").col("run_id").col("account_id").col("started_ms").col("external_id");
    table.primary_key(&mut key);
    m.create_table(table).await?;
    enable_rls(m, "credits").await
}

async fn totals(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let total = [
        region(),
        unit(),
        uuid("person_id"),
        uuid("run_id"),
        uuid("account_id"),
        int("component"),
        big("tagged_ppm"),
        big("handover_ppm"),
        big("sole_ppm"),
        big("inferred_ppm"),
        big("equal_ppm"),
        big("team_ppm"),
        big("total_ppm"),
        big("low_ppm"),
        big("high_ppm"),
    ];
    create_table(m, "totals", total).await?;
    index(m, "totals", ["run_id", "person_id", "account_id"], Keys::Unique).await
}

async fn cards(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let card = [
        region(),
        unit(),
        uuid("person_id"),
        uuid("run_id"),
        uuid("cycle_id"),
        int("rank"),
        int("of"),
        text("body"),
        text("inputs_digest"),
    ];
    create_table(m, "cards", card).await?;
    index(m, "cards", ["run_id", "person_id"], Keys::Unique).await?;
    index(m, "cards", ["run_id", "rank", "person_id"], Keys::Shared).await
}
