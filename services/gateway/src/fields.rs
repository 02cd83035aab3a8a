//! What is known of a field beside its kind: whether a question must have it, whether only the server fills it in, and what a text of it is.
//!
//! The first two stand in the contracts (`google.api.field_behavior`), the last follows from the field's name, with the exceptions told here.
//! `tests/it` asks every rpc whether that is so.

use std::sync::LazyLock;

use prost_reflect::{ExtensionDescriptor, FieldDescriptor, Kind};
use tally_api::classes;

/// `REQUIRED` and `OUTPUT_ONLY` of google.api.FieldBehavior.
const REQUIRED: i32 = 2;
const OUTPUT_ONLY: i32 = 3;

static BEHAVIOR: LazyLock<Option<ExtensionDescriptor>> =
    LazyLock::new(|| classes::pool().get_extension_by_name("google.api.field_behavior"));

/// Whether a question without it is refused wherever the field's message stands.
pub fn is_required(field: &FieldDescriptor) -> bool {
    behaves(field, REQUIRED)
}

/// Whether the server fills it in and reads none of a question.
pub fn is_output_only(field: &FieldDescriptor) -> bool {
    behaves(field, OUTPUT_ONLY)
}

fn behaves(field: &FieldDescriptor, how: i32) -> bool {
    let Some(behavior) = BEHAVIOR.as_ref() else { return false };
    let options = field.options();
    let said = options.get_extension(behavior);
    said.as_list().is_some_and(|all| all.iter().any(|one| one.as_enum_number() == Some(how)))
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A UUID.
    Id,
    /// `2026-03-01`.
    Date,
    /// `2026-03`.
    Month,
    /// `04:00`.
    TimeOfDay,
    /// A decimal number.
    Decimal,
    /// A code of ISO 4217.
    Currency,
    /// A name of the tz database.
    Zone,
    /// A region of the group.
    Region,
    /// The name of a permission.
    Permission,
    /// An address.
    Uri,
}

/// Names of fields that are not what their ends say.
const NO_IDS: [&str; 4] = ["request_id", "external_id", "client_id", "subject_id"];
/// Fields that are not what others of their name are.
const EXCEPTIONS: [(&str, Option<Format>); 5] = [
    ("performance.v1.CountingHours.from", Some(Format::TimeOfDay)),
    ("performance.v1.CountingHours.to", Some(Format::TimeOfDay)),
    ("performance.v1.RecordMeasure.value", None),
    ("attendance.v1.Standing.superseded_by", Some(Format::Id)),
    ("common.v1.Argument.value", None),
];
/// What fields of these names are.
const NAMED: [(Format, &[&str]); 10] = [
    (Format::Id, &["move_people_to", "pseudonym"]),
    (
        Format::Date,
        &[
            "as_of",
            "date",
            "days",
            "first_day",
            "from",
            "hired_on",
            "last_day",
            "last_used_on",
            "left_on",
            "on",
            "parent_withdrawn_from",
            "removed_before",
            "through",
            "to",
            "until",
            "valid_from",
            "valid_to",
        ],
    ),
    (Format::Month, &["month"]),
    (Format::TimeOfDay, &["cut_over", "time"]),
    (
        Format::Decimal,
        &[
            "adjusted",
            "cap",
            "collaboration",
            "credited",
            "factor",
            "floor",
            "max",
            "mean_score",
            "min",
            "min_score",
            "most_weight",
            "n",
            "normalised",
            "number",
            "rate",
            "score",
            "value",
            "weight",
            "weight_sum",
            "weight_within",
            "weighted",
        ],
    ),
    (Format::Currency, &["currency", "base", "quote", "from_currency", "to_currency"]),
    (Format::Zone, &["zone"]),
    (Format::Region, &["region", "regions", "from_region", "to_region", "origin_region"]),
    (Format::Permission, &["permission", "permissions"]),
    (Format::Uri, &["issuer", "redirect_uri"]),
];

/// What a text of this field is, where more is known than that it is one.
pub fn format_of(field: &FieldDescriptor) -> Option<Format> {
    if field.kind() != Kind::String {
        return None;
    }
    let full = field.full_name().trim_start_matches("tally.");
    if let Some((_, format)) = EXCEPTIONS.iter().find(|(exception, _)| *exception == full) {
        return *format;
    }
    let name = field.name();
    if (name.ends_with("_id") || name.ends_with("_ids")) && !NO_IDS.contains(&name) {
        return Some(Format::Id);
    }
    NAMED.iter().find(|(_, names)| names.contains(&name)).map(|(format, _)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Vec<FieldDescriptor> {
        let messages = classes::pool().all_messages().filter(|message| message.full_name().starts_with("tally."));
        messages.flat_map(|message| message.fields().collect::<Vec<_>>()).collect()
    }

    #[test]
    fn every_name_and_exception_is_of_a_text_that_is_there() {
        let texts: Vec<_> = fields().into_iter().filter(|field| field.kind() == Kind::String).collect();
        let is_there = |name: &str| texts.iter().any(|field| field.name() == name);
        let names = NAMED.iter().flat_map(|(_, names)| names.iter());
        let gone: Vec<_> = names.chain(&NO_IDS).filter(|name| !is_there(name)).collect();
        assert_eq!(gone, Vec::<&&str>::new());
        let full = |name: &str| texts.iter().any(|field| field.full_name().trim_start_matches("tally.") == name);
        assert!(EXCEPTIONS.iter().all(|(name, _)| full(name)), "{EXCEPTIONS:?}");
    }

    #[test]
    fn nothing_is_both_asked_for_and_filled_in_by_the_server() {
        let all = fields();
        assert!(all.iter().filter(|field| is_required(field)).count() > 200);
        assert!(all.iter().filter(|field| is_output_only(field)).count() > 70);
        assert!(!all.iter().any(|field| is_required(field) && is_output_only(field)));
    }
}
