//! Cycles: one run of a scheme over a period.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.table("cycles").columns(&[
        region(),
        text("name"),
        text("period_from"),
        text("period_to"),
        uuid("scheme_id"),
        int("scheme_version"),
        text("policy"),
        text("state"),
        uuid_null("run_id"),
        int("done"),
        int("total"),
        text("step"),
        text_null("failure"),
        text_null("summary"),
        big("version"),
    ]);
}
