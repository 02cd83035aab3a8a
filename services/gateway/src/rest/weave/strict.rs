//! JSON that can be taken in one way only.

use std::fmt;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use tally_kernel::error::Result;
use tally_kernel::msg;

use super::refused;

/// Reads JSON. An object that has one name twice is refused: readers differ in which of the two they take.
///
/// # Errors
/// It is no such JSON, or deeper than 127 levels.
pub fn parse(text: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice::<Once>(text).map(|Once(value)| value)
}

struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_any(OnceVisitor)
    }
}

struct OnceVisitor;

impl<'de> Visitor<'de> for OnceVisitor {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> std::result::Result<Once, E> {
        Ok(Once(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Once, E> {
        Ok(Once(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Once, E> {
        Ok(Once(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Once, E> {
        Ok(Once(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Once, E> {
        Ok(Once(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Once, E> {
        Ok(Once(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> std::result::Result<Once, A::Error> {
        let mut items = Vec::new();
        while let Some(Once(item)) = from.next_element()? {
            items.push(item);
        }
        Ok(Once(Value::Array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> std::result::Result<Once, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
            let Once(value) = from.next_value()?;
            fields.insert(name, value);
        }
        Ok(Once(Value::Object(fields)))
    }
}

/// A message's fields by the names of the contract, without those that are null: JSON's null says that a field is not said.
///
/// # Errors
/// INVALID_ARGUMENT where there is no such field, where one stands by both of its names, and where a whole number would lose digits.
pub fn canonical(message: &MessageDescriptor, said: Map<String, Value>, at: &str) -> Result<Map<String, Value>> {
    if message.package_name() == "google.protobuf" {
        // Those have a JSON of their own.
        return Ok(said);
    }
    let mut fields = Map::new();
    for (name, value) in said {
        let field = message.get_field_by_json_name(&name).or_else(|| message.get_field_by_name(&name));
        let within = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
        let unknown = || refused(&within(&name), msg!("FIELD_UNREADABLE", cause = "unknown field"));
        let field = field.ok_or_else(unknown)?;
        let at = within(field.name());
        if value.is_null() {
            continue;
        }
        if fields.insert(field.name().to_owned(), canonical_value(&field, value, &at)?).is_some() {
            let cause = format!("duplicate field: `{}` is `{}`", field.json_name(), field.name());
            return Err(refused(&at, msg!("FIELD_UNREADABLE", cause)));
        }
    }
    Ok(fields)
}

fn canonical_value(field: &FieldDescriptor, value: Value, at: &str) -> Result<Value> {
    if let Some(cause) = loses(field, &value) {
        return Err(refused(at, msg!("FIELD_UNREADABLE", cause)));
    }
    match (field.kind(), value) {
        (_, Value::Array(items)) if field.is_list() => {
            let items = items.into_iter().enumerate();
            items.map(|(i, item)| canonical_value(field, item, &format!("{at}[{i}]"))).collect()
        }
        (Kind::Message(inner), Value::Object(fields)) if !field.is_map() => {
            canonical(&inner, fields, at).map(Value::Object)
        }
        (_, value) => Ok(value),
    }
}

/// The largest whole number up to which a number with a fraction or an exponent holds every whole number.
const WHOLE: f64 = 9_007_199_254_740_992.0;
/// Digits of a second that an instant holds.
const NANOSECONDS: usize = 9;

/// What would be lost of a value, silently, when it is read.
pub fn loses(field: &FieldDescriptor, value: &Value) -> Option<&'static str> {
    match (field.kind(), value) {
        (Kind::Message(inner), Value::String(text)) if inner.full_name() == "google.protobuf.Timestamp" => {
            let digits =
                text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
            // As in 2026-03-01T12:00:60Z, which is no instant, and would be read as the second before.
            let second = text.get(17..19);
            let of_second = (digits > NANOSECONDS).then_some("more than nine digits of a second");
            of_second.or_else(|| (second == Some("60")).then_some("seconds are told from 00 to 59"))
        }
        (Kind::Double | Kind::Float | Kind::Message(_), _) => None,
        (_, Value::Number(number)) => {
            let lost = number.is_f64() && number.as_f64().is_some_and(|number| number.abs() > WHOLE);
            lost.then_some("too many digits for a number with a fraction or an exponent")
        }
        _ => None,
    }
}
