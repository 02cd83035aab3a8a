//! Corrections beside the facts that they put right. A fact that was brought in keeps its key to itself; one that a correction
//! brought may say the same again. That two people ask and approve, neither of them the person it is about, is a rule of the
//! database too.

use tally_access::four_eyes::constraint;
use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    for (table, key) in [
        ("punches", ["person_id", "at", "kind"].as_slice()),
        ("handovers", &["account_id", "person_id", "at", "kind"]),
        ("shifts", &["person_id", "account_id", "start_at"]),
        ("aliases", &["platform", "alias", "from_date"]),
    ] {
        let table = schema.existing(table).add_column(uuid_null("correction_id"));
        table.drop_unique(key).unique_where(key, "correction_id IS NULL");
    }
    superseded_facts(schema);
    corrections(schema);
}

/// Facts that count no more, by their own ids: none is superseded twice.
fn superseded_facts(schema: &mut Schema) {
    schema
        .table("superseded_facts")
        .columns(&[
            region(),
            unit(),
            uuid("person_id"),
            text("subject"),
            uuid("correction_id"),
            flag("moved"),
            instant("at"),
            instant("until"),
        ])
        .index(&["subject", "at"]);
}

fn corrections(schema: &mut Schema) {
    schema
        .table("corrections")
        .columns(&[
            region(),
            unit(),
            uuid("person_id"),
            uuid_null("other_person_id"),
            text("subject"),
            text("action"),
            uuid_null("fact_id"),
            text("stage"),
            text_null("waiting_on"),
            text("before"),
            text("after"),
            text("reason"),
            text("evidence"),
            text("touched"),
            big_null("notice_minutes"),
            flag("late"),
            instant("until"),
            uuid("requested_by"),
            uuid_null("requested_person"),
            uuid_null("requested_for"),
            uuid_null("approved_by"),
            uuid_null("approved_person"),
            uuid_null("approved_for"),
            instant_null("approved_at"),
            uuid_null("dropped_by"),
            uuid_null("dropped_person"),
            uuid_null("dropped_for"),
            instant_null("dropped_at"),
            text_null("drop_reason"),
        ])
        // Nothing waits twice for the same fact.
        .unique(&["waiting_on"])
        .check("approver", &constraint("approved", "requested"))
        .check(
            "concerned",
            "approved_person IS NULL OR (approved_person <> person_id \
             AND (other_person_id IS NULL OR approved_person <> other_person_id))",
        )
        .check("approved", "stage <> 'approved' OR approved_by IS NOT NULL")
        .check("dropped", "dropped_at IS NULL OR approved_at IS NULL")
        .index(&["recorded_at", "id"])
        .index(&["person_id", "recorded_at", "id"]);
}
