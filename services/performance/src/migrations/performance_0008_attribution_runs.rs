//! Attribution as a run of its own; whose a cycle is, and who is in it.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.table("attribution_runs").columns(&[
        region(),
        unit(),
        text("period_from"),
        text("period_to"),
        text("policy"),
        text("scope"),
        text("columns"),
        flag("amounts"),
        uuid_null("cycle_id"),
        text("state"),
        int("done"),
        int("total"),
        text("step"),
        text_null("failure"),
        text_null("summary"),
        big("version"),
    ]);
    // Without a run, what an attempt was credited with is kept under the attempt itself.
    schema
        .existing("cycles")
        .add_column(unit())
        .add_column(text_null("population"))
        .add_column(uuid_null("attribution_id"))
        .index(&["attribution_id"]);
    schema
        .table("cycle_people")
        .columns(&[region(), unit(), uuid("person_id"), uuid("run_id"), uuid("cycle_id")])
        .unique(&["run_id", "person_id"]);
    schema.existing("cards").index(&["person_id", "cycle_id"]);
}
