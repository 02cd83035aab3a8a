//! Pseudonyms: of people here, and of those of other regions, who have no person here.

use sea_orm_migration::prelude::*;
use tally_store::migration::{Keys, create_table, index, instant_null, int, region, text, uuid, uuid_null};

/// See the module's text.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            region(),
            uuid_null("person_id"),
            uuid("pseudonym"),
            text("from_region"),
            int("active"),
            instant_null("released_at"),
        ];
        create_table(m, "pseudonyms", columns).await?;
        // A laptop that takes in its own directory has a pseudonym twice: as its own, and as told.
        index(m, "pseudonyms", ["pseudonym", "from_region", "region"], Keys::Unique).await?;
        // Rows of other regions have no person, and that repeats on both databases.
        index(m, "pseudonyms", ["person_id"], Keys::Unique).await
    }
}
