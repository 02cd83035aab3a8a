//! Legal holds, retention as the group set it, and erasures with what each service has done of them.

use sea_orm_migration::prelude::*;
use tally_store::migration::{
    Keys, big, check, create_table, index, instant_null, int, person, region, text, text_null, uuid, uuid_null,
};

/// See the module's text.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            region(),
            person(),
            text("reason"),
            uuid("set_by"),
            uuid_null("lifted_by"),
            instant_null("lifted_at"),
            text("lift_reason"),
        ];
        create_table(m, "holds", columns).await?;
        index(m, "holds", ["person_id"], Keys::Shared).await?;
        create_table(m, "retentions", [region(), text("kind"), int("months"), text("reason"), uuid("set_by")]).await?;
        index(m, "retentions", ["kind"], Keys::Unique).await?;
        let columns = [
            region(),
            uuid("unit_id"),
            uuid("person_id"),
            text("reason"),
            uuid("requested_by"),
            uuid_null("approved_by"),
            instant_null("erased_at"),
            instant_null("completed_at"),
            text_null("employee_no"),
            uuid_null("dropped_by"),
            instant_null("dropped_at"),
            text_null("drop_reason"),
        ];
        create_table(m, "erasures", columns).await?;
        // One that was dropped stands in nobody's way.
        let one =
            "CREATE UNIQUE INDEX erasures_person_id_key ON erasures (tenant_id, person_id) WHERE dropped_at IS NULL";
        m.get_connection().execute_unprepared(one).await?;
        check(m, "erasures", "approver", "approved_by IS NULL OR approved_by <> requested_by").await?;
        check(m, "erasures", "dropped", "dropped_at IS NULL OR erased_at IS NULL").await?;
        create_table(m, "erasure_parts", [region(), uuid("erasure_id"), text("service"), big("cleared")]).await?;
        index(m, "erasure_parts", ["erasure_id", "service"], Keys::Unique).await
    }
}
