//! The first tables: groups and their directory, org units, people, principals, grants.

use tally_store::class::IdNumber;
use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    groups(schema);
    org(schema);
    people(schema);
    logins(schema);
    access(schema);
}

fn groups(schema: &mut Schema) {
    schema.table("tenants").columns(&[
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
    ]);
    schema.open_table("directory").columns(&[key_text("name"), uuid("group_id"), uuid("principal_id")]);
}

fn org(schema: &mut Schema) {
    schema
        .table("org_unit_states")
        .columns(&[
            region(),
            uuid("unit_id"),
            uuid_null("parent_id"),
            text("name"),
            text("kind"),
            date("valid_from"),
            date_null("valid_to"),
            instant_null("superseded_at"),
        ])
        .index(&["unit_id", "valid_from"]);
}

fn people(schema: &mut Schema) {
    schema
        .table("people")
        .columns(&[
            region(),
            text("employee_no"),
            text("name"),
            text("zone"),
            bytes_null("id_number"),
            bytes_null("id_number_index"),
        ])
        .sealed::<IdNumber>("id_number")
        .unique(&["employee_no"])
        // Somebody who works in two regions is known in each of them, apart: data do not move between regions.
        .unique(&["region", "id_number_index"]);
    schema
        .table("employments")
        .columns(&[
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
        ])
        .index(&["employee_no", "person_id"])
        .index(&["person_id", "valid_from"])
        .index(&["unit_id"]);
}

fn logins(schema: &mut Schema) {
    schema
        .table("principals")
        .columns(&[region(), person(), text("kind"), text("name"), text_null("password_hash")])
        .unique(&["name"])
        .unique(&["person_id"]);
    schema.table("sign_in_tries").columns(&[int("failures"), instant_null("blocked_until")]);
}

fn access(schema: &mut Schema) {
    schema
        .table("grants")
        .columns(&[
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
        ])
        .index(&["principal_id"]);
    schema.table("access_revisions").columns(&[big("revision")]);
}
