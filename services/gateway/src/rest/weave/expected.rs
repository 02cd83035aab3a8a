//! What is said of a value that does not fit its field: what fits, in words of ours and not in the parser's.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::Value;
use tally_kernel::{Message, msg};

/// What is wrong with the value at the end of a way such as `rows[1].at`; the question itself where there is no way.
pub fn wrong(message: &MessageDescriptor, question: &Value, way: &str) -> Message {
    let (mut field, mut value, mut is_item) = (None::<FieldDescriptor>, question, false);
    for step in way.split(['.', '[']).filter(|step| !step.is_empty()) {
        if let Some(place) = step.strip_suffix(']') {
            value = place.parse::<usize>().ok().and_then(|place| value.get(place)).unwrap_or(&Value::Null);
            is_item = true;
            continue;
        }
        let kind = field.as_ref().map(FieldDescriptor::kind);
        let holder = kind.as_ref().map_or(Some(message), Kind::as_message);
        let Some(next) = holder.and_then(|holder| holder.get_field_by_name(step)) else { break };
        value = value.get(step).unwrap_or(&Value::Null);
        (field, is_item) = (Some(next), false);
    }
    let kind = field.as_ref().map(FieldDescriptor::kind);
    let holder = kind.as_ref().map_or(Some(message), Kind::as_message);
    if let Some(fields) = holder.and_then(|holder| several(holder, value)) {
        return msg!("FIELD_UNREADABLE.choice", fields);
    }
    let expected = field.map_or_else(|| msg!("VALUE_EXPECTED.object"), |field| expected(&field, is_item));
    msg!("FIELD_UNREADABLE", expected)
}

/// Fields of which only one may be said, where several are.
fn several(message: &MessageDescriptor, value: &Value) -> Option<String> {
    let said = value.as_object()?;
    message.oneofs().find_map(|choice| {
        let names: Vec<String> = choice.fields().map(|field| field.name().to_owned()).collect();
        (names.iter().filter(|name| said.contains_key(*name)).count() > 1).then(|| names.join(", "))
    })
}

fn expected(field: &FieldDescriptor, is_item: bool) -> Message {
    if field.is_list() && !is_item {
        return msg!("VALUE_EXPECTED.list");
    }
    let whole = |least: i128, most: u64| msg!("VALUE_EXPECTED.whole", least, most);
    match field.kind() {
        Kind::Bool => msg!("VALUE_EXPECTED.yes_or_no"),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => whole(i32::MIN.into(), i32::MAX.unsigned_abs().into()),
        Kind::Uint32 | Kind::Fixed32 => whole(0, u32::MAX.into()),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => whole(i64::MIN.into(), i64::MAX.unsigned_abs()),
        Kind::Uint64 | Kind::Fixed64 => whole(0, u64::MAX),
        Kind::Double | Kind::Float => msg!("VALUE_EXPECTED.number"),
        Kind::String => msg!("VALUE_EXPECTED.text"),
        Kind::Bytes => msg!("VALUE_EXPECTED.bytes"),
        Kind::Enum(choice) => {
            let names: Vec<String> = choice.values().map(|value| value.name().to_owned()).collect();
            msg!("VALUE_EXPECTED.name", names = names.join(", "))
        }
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => msg!("VALUE_EXPECTED.instant"),
            "google.protobuf.Duration" => msg!("VALUE_EXPECTED.duration"),
            // Others of proto's own have a JSON of their own each.
            other if other.starts_with("google.protobuf.") => msg!("VALUE_EXPECTED"),
            _ => msg!("VALUE_EXPECTED.object"),
        },
    }
}
