//! What a run found out: frozen inputs, credits, totals, sums of measures, findings, cards.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    credits(schema);
    schema
        .table("frozen_inputs")
        .columns(&[uuid("run_id"), int("ordinal"), bytes("body")])
        .unique(&["run_id", "ordinal"]);
    schema
        .table("account_results")
        .columns(&[
            region(),
            unit(),
            uuid("run_id"),
            uuid("account_id"),
            text("account_key"),
            int("component"),
            text("figures"),
            bytes("digest"),
        ])
        .unique(&["run_id", "account_id"]);
    totals(schema);
    schema
        .table("person_sums")
        .columns(&[uuid("run_id"), uuid("person_id"), int("component"), text("body")])
        .unique(&["run_id", "person_id"]);
    schema
        .table("findings")
        .columns(&[
            region(),
            unit(),
            person(),
            uuid("run_id"),
            int("component"),
            sorted_text("kind"),
            sorted_text("subject"),
            sorted_text("at"),
            text("detail"),
        ])
        .index(&["run_id", "kind", "subject", "at", "id"]);
    cards(schema);
}

/// One row a record. The key is the order in which credits are read, and the only index.
fn credits(schema: &mut Schema) {
    schema.table("credits").key(&["run_id", "account_id", "started_ms", "external_id"]).columns(&[
        uuid("run_id"),
        uuid("account_id"),
        big("started_ms"),
        sorted_text("external_id"),
        region(),
        int("rung"),
        text("reason"),
        bytes("shares"),
    ]);
}

fn totals(schema: &mut Schema) {
    schema
        .table("totals")
        .columns(&[
            region(),
            unit(),
            uuid("person_id"),
            uuid("run_id"),
            uuid("account_id"),
            int("component"),
            big("tagged_ppm"),
            big("handover_ppm"),
            big("sole_ppm"),
            big("inferred_ppm"),
            big("equal_ppm"),
            big("team_ppm"),
            big("total_ppm"),
            big("low_ppm"),
            big("high_ppm"),
        ])
        .unique(&["run_id", "person_id", "account_id"]);
}

fn cards(schema: &mut Schema) {
    schema
        .table("cards")
        .columns(&[
            region(),
            unit(),
            uuid("person_id"),
            uuid("run_id"),
            uuid("cycle_id"),
            int("rank"),
            int("of"),
            text("body"),
            text("inputs_digest"),
        ])
        .unique(&["run_id", "person_id"])
        .index(&["run_id", "rank", "person_id"]);
}
