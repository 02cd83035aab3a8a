//! Pools, settlements and carry books of units below the group. What was there is the group's.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("pools").add_column(unit());
    schema.existing("settlements").add_column(unit());
    schema
        .existing("carry_books")
        .add_column(unit())
        .drop_unique(&["currency"])
        .unique_where(&["currency"], "unit_id IS NULL")
        .unique(&["unit_id", "currency"]);
}
