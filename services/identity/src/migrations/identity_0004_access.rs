//! Roles of a group's own, delegations, emergencies, and the modules that a group has.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    roles(schema);
    delegations(schema);
    break_glasses(schema);
    schema.table("entitlements").columns(&[text("modules")]);
}

fn roles(schema: &mut Schema) {
    schema
        .table("own_roles")
        .columns(&[
            text("name"),
            int("version"),
            text("description"),
            text("permissions"),
            text("scopes"),
            text("reason"),
            uuid("written_by"),
            instant_null("superseded_at"),
        ])
        .index(&["name"]);
}

fn delegations(schema: &mut Schema) {
    schema
        .table("delegations")
        .columns(&[
            uuid("delegator_id"),
            uuid("delegate_id"),
            text("permissions"),
            instant("valid_from"),
            instant("valid_until"),
            text("reason"),
            instant_null("ended_at"),
            uuid_null("ended_by"),
        ])
        .index(&["delegate_id", "valid_until"])
        .index(&["delegator_id"]);
}

fn break_glasses(schema: &mut Schema) {
    schema
        .table("break_glasses")
        .columns(&[
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
        ])
        .index(&["principal_id", "valid_until"]);
}
