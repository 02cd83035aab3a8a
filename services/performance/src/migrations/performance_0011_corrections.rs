//! Corrections of published cycles, and runs that take over what no correction touched.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .existing("cycles")
        .add_column(uuid_null("corrects_id"))
        .add_column(text_null("reason"))
        .add_column(int_null("result_version"))
        .add_column(instant_null("published_at"))
        .index(&["corrects_id"]);
    schema.existing("attribution_runs").add_column(uuid_null("source_id"));
    // The run that an account's credits are kept under, where they were taken over from it.
    schema.existing("account_results").add_column(uuid_null("credits_run_id"));
}
