//! Punches, unique by person, instant and kind.

use tally_store::migration::{
    Keys, MigrationName, MigrationTrait, SchemaManager, create_table, index, instant, instant_null, region, text, unit,
    uuid,
};
use tally_store::orm::DbErr;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "attendance_0004_punches"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            region(),
            unit(),
            uuid("person_id"),
            instant("at"),
            text("kind"),
            text("verdict"),
            instant_null("device_at"),
        ];
        create_table(m, "punches", columns).await?;
        index(m, "punches", ["person_id", "at", "kind"], Keys::Unique).await?;
        index(m, "punches", ["at", "id"], Keys::Shared).await?;
        // A narrow scope reads its own punches instead of walking everybody's.
        index(m, "punches", ["unit_id", "at", "id"], Keys::Shared).await
    }
}
