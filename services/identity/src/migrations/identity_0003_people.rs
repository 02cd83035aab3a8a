//! What happens to people while they are employed: leaves, reporting lines; and the group's positions and grades.

use sea_orm_migration::prelude::*;
use tally_store::class::Medical;
use tally_store::migration::{
    Keys, bytes_null, create_table, date, date_null, index, instant_null, int, region, sealed_column, text, uuid,
};

/// See the module's text.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        leaves(m).await?;
        lines(m).await?;
        catalogue(m).await
    }
}

async fn leaves(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        region(),
        uuid("unit_id"),
        uuid("person_id"),
        uuid("leave_id"),
        date("valid_from"),
        date_null("valid_to"),
        instant_null("superseded_at"),
        bytes_null("why"),
    ];
    create_table(m, "leaves", columns).await?;
    sealed_column::<Medical>(m, "leaves", "why").await?;
    index(m, "leaves", ["person_id", "valid_from"], Keys::Shared).await
}

async fn lines(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        region(),
        uuid("unit_id"),
        uuid("person_id"),
        uuid("manager_id"),
        uuid("line_id"),
        text("kind"),
        date("valid_from"),
        date_null("valid_to"),
        instant_null("superseded_at"),
    ];
    create_table(m, "reporting_lines", columns).await?;
    index(m, "reporting_lines", ["person_id"], Keys::Shared).await?;
    index(m, "reporting_lines", ["manager_id"], Keys::Shared).await?;
    index(m, "reporting_lines", ["line_id"], Keys::Shared).await
}

async fn catalogue(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        region(),
        uuid("entry_id"),
        text("kind"),
        text("code"),
        text("title"),
        int("rank"),
        date("valid_from"),
        date_null("valid_to"),
        instant_null("superseded_at"),
    ];
    create_table(m, "catalogue_entries", columns).await?;
    index(m, "catalogue_entries", ["kind", "code"], Keys::Shared).await
}
