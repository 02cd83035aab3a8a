//! Wrong passwords are a token bucket, of which only the instant is kept at which it is full again.

use sea_orm_migration::prelude::*;

/// See the module's text.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let mut tries = Table::alter().table("sign_in_tries").take();
        m.alter_table(tries.clone().rename_column("blocked_until", "full_at").take()).await?;
        m.alter_table(tries.drop_column("failures").take()).await
    }
}
