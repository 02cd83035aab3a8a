//! The first tables: groups and their directory, org units, people, principals, grants.

use sea_orm_migration::prelude::*;
use tally_store::class::IdNumber;
use tally_store::migration::{
    Keys, big, bytes_null, create_table, date, date_null, enable_open_rls, flag, index, instant_null, int, person,
    region, sealed_column, text, text_null, unit, uuid, uuid_null,
};

/// See the module's text.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        groups(m).await?;
        org(m).await?;
        people(m).await?;
        logins(m).await?;
        access(m).await
    }
}

async fn groups(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        text("name"),
        text("currency"),
        text("zone"),
        text("regions"),
        instant_null("suspended_at"),
        text_null("suspended_reason"),
        uuid_null("suspended_by"),
        uuid_null("suspended_person"),
        uuid_null("suspended_for"),
        instant_null("deleted_at"),
    ];
    create_table(m, "tenants", columns).await?;
    let mut directory = Table::create();
    directory
        .table(Alias::new("directory"))
        .col(text("name").primary_key())
        .col(uuid("group_id"))
        .col(uuid("principal_id"));
    m.create_table(directory).await?;
    enable_open_rls(m, "directory").await
}

async fn org(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        region(),
        uuid("unit_id"),
        uuid_null("parent_id"),
        text("name"),
        text("kind"),
        date("valid_from"),
        date_null("valid_to"),
        instant_null("superseded_at"),
    ];
    create_table(m, "org_unit_states", columns).await?;
    index(m, "org_unit_states", ["unit_id", "valid_from"], Keys::Shared).await
}

async fn people(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        region(),
        text("employee_no"),
        text("name"),
        text("zone"),
        bytes_null("id_number"),
        bytes_null("id_number_index"),
    ];
    create_table(m, "people", columns).await?;
    sealed_column::<IdNumber>(m, "people", "id_number").await?;
    index(m, "people", ["employee_no"], Keys::Unique).await?;
    // Somebody who works in two regions is known in each of them, apart: data do not move between regions.
    index(m, "people", ["region", "id_number_index"], Keys::Unique).await?;
    let columns = [
        region(),
        uuid("unit_id"),
        uuid("person_id"),
        uuid("employment_id"),
        text("post"),
        text("reason"),
        text("employee_no"),
        text("position"),
        text("grade"),
        date("valid_from"),
        date_null("valid_to"),
        instant_null("superseded_at"),
    ];
    create_table(m, "employments", columns).await?;
    index(m, "employments", ["employee_no", "person_id"], Keys::Shared).await?;
    index(m, "employments", ["person_id", "valid_from"], Keys::Shared).await?;
    index(m, "employments", ["unit_id"], Keys::Shared).await
}

async fn logins(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [region(), person(), text("kind"), text("name"), text_null("password_hash")];
    create_table(m, "principals", columns).await?;
    index(m, "principals", ["name"], Keys::Unique).await?;
    index(m, "principals", ["person_id"], Keys::Unique).await?;
    create_table(m, "sign_in_tries", [int("failures"), instant_null("blocked_until")]).await
}

async fn access(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        region(),
        unit(),
        person(),
        uuid("principal_id"),
        text("role"),
        text("scope"),
        text("scope_ref"),
        date("valid_from"),
        date_null("valid_to"),
        flag("second_factor"),
        text_null("hours"),
        text("reason"),
        uuid("granted_by"),
        instant_null("revoked_at"),
        uuid_null("revoked_by"),
        text_null("revoke_reason"),
    ];
    create_table(m, "grants", columns).await?;
    index(m, "grants", ["principal_id"], Keys::Shared).await?;
    create_table(m, "access_revisions", [big("revision")]).await
}
