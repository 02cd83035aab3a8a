//! The catalogue of measures of the group and of units. A name is there once for each owner, retired or not.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("measures")
        .columns(&[
            region(),
            unit(),
            sorted_text("name"),
            text("title_en"),
            text("title_zh_cn"),
            text("definition"),
            int("revision"),
            instant_null("retired_at"),
            text_null("retired_for"),
        ])
        .unique_where(&["name"], "unit_id IS NULL")
        .unique(&["unit_id", "name"]);
}
