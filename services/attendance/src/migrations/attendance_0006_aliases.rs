//! Aliases, unique by platform, nickname and first date.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("aliases")
        .columns(&[
            region(),
            unit(),
            uuid("person_id"),
            text("platform"),
            text("alias"),
            date("from_date"),
            date_null("to_date"),
        ])
        .unique(&["platform", "alias", "from_date"])
        .index(&["alias"]);
}
