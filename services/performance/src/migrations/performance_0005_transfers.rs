//! The register of what leaves the region, and cells: those of its reports, and those that other regions told. That two
//! people prepare and approve is a rule of the database too.

use sea_orm_migration::prelude::*;
use tally_app::four_eyes::constraint;
use tally_store::class::Members;
use tally_store::migration::{
    Keys, big, bytes_null, check, create_table, index, instant_null, int, region, sealed_column, text, text_null, uuid,
    uuid_null,
};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "performance_0005_transfers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let transfer = [
            region(),
            text("kind"),
            text("to_region"),
            text("purpose"),
            text("legal_basis"),
            text("month"),
            int("items"),
            text("stage"),
            text_null("entries"),
            uuid("prepared_by"),
            uuid_null("prepared_person"),
            uuid_null("prepared_for"),
            uuid_null("approved_by"),
            uuid_null("approved_person"),
            uuid_null("approved_for"),
            instant_null("approved_at"),
            uuid_null("released_by"),
            uuid_null("released_person"),
            uuid_null("released_for"),
            instant_null("released_at"),
            uuid_null("dropped_by"),
            uuid_null("dropped_person"),
            uuid_null("dropped_for"),
            instant_null("dropped_at"),
            text_null("drop_reason"),
        ];
        Box::pin(create_table(m, "transfers", transfer)).await?;
        check(m, "transfers", "approver", &constraint("approved", "prepared")).await?;
        check(m, "transfers", "approved", "released_at IS NULL OR approved_by IS NOT NULL").await?;
        check(m, "transfers", "dropped", "dropped_at IS NULL OR released_at IS NULL").await?;
        let cell = [
            region(),
            uuid("transfer_id"),
            text("from_region"),
            text("month"),
            uuid("unit_id"),
            uuid_null("parent_id"),
            text("name"),
            int("people"),
            big("credited_ppm"),
            big("mean_score"),
            bytes_null("members"),
            instant_null("released_at"),
        ];
        create_table(m, "report_cells", cell).await?;
        sealed_column::<Members>(m, "report_cells", "members").await?;
        check(m, "report_cells", "people", "people >= 5").await?;
        index(m, "report_cells", ["transfer_id", "unit_id", "region"], Keys::Unique).await?;
        index(m, "report_cells", ["from_region", "month"], Keys::Shared).await
    }
}
