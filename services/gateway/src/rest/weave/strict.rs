//! JSON that can be taken in one way only.

use std::fmt;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};
use tally_kernel::error::Result;
use tally_kernel::{Message, msg};

use super::refused;

/// Reads JSON. An object that has one name twice is refused: readers differ in which of the two they take.
///
/// # Errors
/// It is no such JSON, or deeper than 127 levels.
pub fn parse(text: &[u8]) -> Result<Value> {
    let (mut twice, mut from) = (None, serde_json::Deserializer::from_slice(text));
    let read = Once(&mut twice).deserialize(&mut from).and_then(|value| from.end().map(|()| value));
    read.map_err(|cause| {
        let is_deep = || cause.to_string().starts_with("recursion limit exceeded");
        let (line, column) = (cause.line(), cause.column());
        let why = match (twice, cause.classify()) {
            (Some(name), _) => msg!("BODY_NO_JSON.twice", name),
            (None, Category::Eof) => msg!("BODY_NO_JSON.early"),
            (None, Category::Syntax) if is_deep() => msg!("BODY_NO_JSON.deep"),
            (None, _) => msg!("BODY_NO_JSON", line, column),
        };
        refused("body", why)
    })
}

/// Reads a value, and notes a name that an object has twice.
struct Once<'a>(&'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Once<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> std::result::Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> std::result::Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(Once(&mut *self.0))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> std::result::Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            if fields.contains_key(&name) {
                *self.0 = Some(name);
                return Err(A::Error::custom("a name twice"));
            }
            let value = from.next_value_seed(Once(&mut *self.0))?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
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
        let unknown = || refused(&within(&name), msg!("FIELD_UNREADABLE.unknown"));
        let field = field.ok_or_else(unknown)?;
        let at = within(field.name());
        if value.is_null() {
            continue;
        }
        if fields.insert(field.name().to_owned(), canonical_value(&field, value, &at)?).is_some() {
            return Err(refused(&at, msg!("FIELD_UNREADABLE.twice", one = field.json_name(), other = field.name())));
        }
    }
    Ok(fields)
}

fn canonical_value(field: &FieldDescriptor, value: Value, at: &str) -> Result<Value> {
    if let Some(lost) = loses(field, &value) {
        return Err(refused(at, lost));
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
pub fn loses(field: &FieldDescriptor, value: &Value) -> Option<Message> {
    match (field.kind(), value) {
        (Kind::Message(inner), Value::String(text)) if inner.full_name() == "google.protobuf.Timestamp" => {
            let digits =
                text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
            // As in 2026-03-01T12:00:60Z, which is no instant, and would be read as the second before.
            let second = text.get(17..19);
            let of_second = (digits > NANOSECONDS).then(|| msg!("FIELD_UNREADABLE.precision"));
            of_second.or_else(|| (second == Some("60")).then(|| msg!("FIELD_UNREADABLE.second")))
        }
        (Kind::Double | Kind::Float | Kind::Message(_), _) => None,
        (_, Value::Number(number)) => {
            let lost = number.is_f64() && number.as_f64().is_some_and(|number| number.abs() > WHOLE);
            lost.then(|| msg!("FIELD_UNREADABLE.digits"))
        }
        _ => None,
    }
}
