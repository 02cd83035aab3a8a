//! Legal holds, retention as the group set it, and erasures with what each service has done of them.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("holds")
        .columns(&[
            region(),
            person(),
            text("reason"),
            uuid("set_by"),
            uuid_null("lifted_by"),
            instant_null("lifted_at"),
            text("lift_reason"),
        ])
        .index(&["person_id"]);
    schema
        .table("retentions")
        .columns(&[region(), text("kind"), int("months"), text("reason"), uuid("set_by")])
        .unique(&["kind"]);
    schema
        .table("erasures")
        .columns(&[
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
        ])
        // One that was dropped stands in nobody's way.
        .unique_where(&["person_id"], "dropped_at IS NULL")
        .check("approver", "approved_by IS NULL OR approved_by <> requested_by")
        .check("dropped", "dropped_at IS NULL OR erased_at IS NULL");
    schema
        .table("erasure_parts")
        .columns(&[region(), uuid("erasure_id"), text("service"), big("cleared")])
        .unique(&["erasure_id", "service"]);
}
