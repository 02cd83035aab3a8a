//! Examples of questions and answers, made of the names and kinds of their fields.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

/// How deep messages within messages are shown.
const DEEPEST: usize = 3;
/// Fields of a message that are shown at most, beside those that are needed to know which thing is meant.
const MOST_FIELDS: usize = 12;

const ID: &str = "01977f2e-8a4c-7d31-9b52-6f0c1e2d3a4b";

/// A message without some fields.
pub fn of_message(message: &MessageDescriptor, without: &[&str]) -> Value {
    within(message, without, 0)
}

fn within(message: &MessageDescriptor, without: &[&str], depth: usize) -> Value {
    let mut told = Map::new();
    let mut chosen = Vec::new();
    let shown = message.fields().filter(|field| !without.contains(&field.name()));
    for field in shown.take(MOST_FIELDS) {
        // Of a choice only one may be there.
        if let Some(choice) = field.containing_oneof() {
            if chosen.contains(&choice.full_name().to_owned()) {
                continue;
            }
            chosen.push(choice.full_name().to_owned());
        }
        if let Some(value) = value(&field, depth) {
            told.insert(field.json_name().to_owned(), if field.is_list() { json!([value]) } else { value });
        }
    }
    Value::Object(told)
}

/// A value of a field that is no message.
pub fn of_field(field: &FieldDescriptor) -> Option<Value> {
    let value = value(field, DEEPEST)?;
    Some(if field.is_list() { json!([value]) } else { value })
}

fn value(field: &FieldDescriptor, depth: usize) -> Option<Value> {
    Some(match field.kind() {
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => json!("2026-03-02T09:00:00Z"),
        Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => json!("600s"),
        Kind::Message(message) if depth < DEEPEST => within(&message, &[], depth + 1),
        Kind::Message(_) => return None,
        Kind::Enum(one) => json!(one.values().nth(1).or_else(|| one.values().next())?.name()),
        Kind::Bool => json!(true),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => json!("1250"),
        Kind::Double | Kind::Float => json!(0.5),
        Kind::Bytes => json!("UEs="),
        Kind::String => json!(text(field.name())),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => json!(1),
    })
}

/// What a text of this name may be.
fn text(name: &str) -> &'static str {
    match name {
        "currency" => "CNY",
        "zone" | "time_zone" => "Asia/Shanghai",
        "region" | "from_region" | "to_region" => "cn-north",
        "month" => "2026-03",
        "page_token" | "next_page_token" | "etag" => "AbC0",
        "reason" => "The platform sent the month again",
        "external_id" => "JD-20260302-000117",
        "customer" => "c-58121",
        "employee_no" => "E0042",
        "login" => "anna",
        "name" => "March",
        "permission" | "permissions" => "performance.cycle.read",
        "cut_over" => "04:00",
        "code" => "123456",
        _ if name.ends_with("password") => "correct horse battery",
        _ if name.ends_with("_id") || name.ends_with("_ids") => ID,
        "from" | "to" | "as_of" | "last_day" | "first_day" | "day" => "2026-03-01",
        _ => "text",
    }
}
