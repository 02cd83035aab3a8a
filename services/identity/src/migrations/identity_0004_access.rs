//! Roles of a group's own, delegations, emergencies, and the modules that a group has.

use sea_orm_migration::prelude::*;
use tally_store::migration::{Keys, create_table, index, instant, instant_null, int, text, uuid, uuid_null};

/// See the module's text.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        roles(m).await?;
        delegations(m).await?;
        break_glasses(m).await?;
        create_table(m, "entitlements", [text("modules")]).await
    }
}

async fn roles(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        text("name"),
        int("version"),
        text("description"),
        text("permissions"),
        text("scopes"),
        text("reason"),
        uuid("written_by"),
        instant_null("superseded_at"),
    ];
    create_table(m, "own_roles", columns).await?;
    index(m, "own_roles", ["name"], Keys::Shared).await
}

async fn delegations(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("delegator_id"),
        uuid("delegate_id"),
        text("permissions"),
        instant("valid_from"),
        instant("valid_until"),
        text("reason"),
        instant_null("ended_at"),
        uuid_null("ended_by"),
    ];
    create_table(m, "delegations", columns).await?;
    index(m, "delegations", ["delegate_id", "valid_until"], Keys::Shared).await?;
    index(m, "delegations", ["delegator_id"], Keys::Shared).await
}

async fn break_glasses(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("principal_id"),
        text("permissions"),
        text("scope"),
        text("scope_ref"),
        text("reason"),
        text("ticket"),
        instant("valid_until"),
        instant_null("ended_at"),
        uuid_null("ended_by"),
        uuid_null("reviewed_by"),
        instant_null("reviewed_at"),
        text("finding"),
    ];
    create_table(m, "break_glasses", columns).await?;
    index(m, "break_glasses", ["principal_id", "valid_until"], Keys::Shared).await
}
