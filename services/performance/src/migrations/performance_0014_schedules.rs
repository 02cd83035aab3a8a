//! Schedules that close months by themselves, and a row for each month that one began.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.table("schedules").columns(&[
        region(),
        unit(),
        text("said"),
        uuid("maker_id"),
        text("next_from"),
        text("next_to"),
        instant("next_at"),
        text_null("failure"),
        flag("deleted"),
        big("version"),
    ]);
    schema
        .table("schedule_runs")
        .columns(&[
            region(),
            unit(),
            uuid("schedule_id"),
            text("name"),
            sorted_text("period_from"),
            text("period_to"),
            text("state"),
            int("attempt"),
            instant("due_at"),
            instant_null("next_at"),
            uuid_null("cycle_id"),
            text("log"),
            text_null("failure"),
            big("version"),
        ])
        // A month of a schedule is begun once, however many replicas there are.
        .unique(&["schedule_id", "period_from"]);
}
