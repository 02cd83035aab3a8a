//! Makes an rpc's question of the path, what stands behind the `?`, the headers and the body.
//!
//! All of it becomes one JSON object, which is then read as proto's own mapping of JSON has it: one place says what a number, an instant or a
//! choice may look like, wherever it stood. Nothing is taken silently in one of two ways: what is said twice, differently, is refused.

mod expected;
mod strict;

use std::collections::BTreeMap;

use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};
use tally_kernel::error::{Error, Result, Violation, Violations};
use tally_kernel::{Message, msg};

use super::matcher::Binding;
use crate::rules::{BodyRule, Rule, field_at};

/// Where what stands besides the body came from.
pub struct Parts<'a> {
    /// Variables of the path.
    pub path: &'a [Binding],
    /// Pairs behind the `?`, decoded.
    pub query: &'a [(String, String)],
    /// The header `Idempotency-Key`.
    pub request_id: Option<&'a str>,
    /// The header `If-Match`.
    pub etag: Option<&'a str>,
}

/// The question of a call.
///
/// # Errors
/// INVALID_ARGUMENT with every violation of path, query and headers at once; of the body it is the first.
pub fn question(rule: &Rule, parts: &Parts<'_>, body: &[u8]) -> Result<DynamicMessage> {
    let input = rule.rpc.input();
    let mut wrong = Violations::new();
    let mut woven = whole(rule, body)?;
    let mut put = |path: &[String], field: &FieldDescriptor, text: &str, wrong: &mut Violations| {
        let value = json(field, text);
        if let Some(lost) = strict::loses(field, &value) {
            wrong.push(path.join("."), lost);
        } else if !insert(&mut woven, &input, path, value) {
            wrong.push(path.join("."), msg!("FIELD_SAID_TWICE"));
        }
    };
    for (path, text) in parts.path {
        match (field_at(&input, path), text) {
            (Some(field), Some(text)) => put(path, &field, text, &mut wrong),
            (Some(_), None) => wrong.push(path.join("."), msg!("FIELD_UNREADABLE.encoding")),
            (None, _) => {}
        }
    }
    let known = if parts.query.is_empty() { BTreeMap::new() } else { rule.query_fields() };
    for (name, text) in parts.query {
        match known_as(&known, name) {
            Some((path, field)) => {
                put(&path.split('.').map(str::to_owned).collect::<Vec<_>>(), field, text, &mut wrong)
            }
            None => wrong.push(name.clone(), msg!("QUERY_UNKNOWN")),
        }
    }
    for (header, text, path) in headers(rule, parts) {
        match path.as_deref().and_then(|path| Some((path, field_at(&input, path)?))) {
            Some((path, field)) => put(path, &field, text, &mut wrong),
            None => wrong.push(header, msg!("HEADER_NOT_READ", header)),
        }
    }
    wrong.finish(Some(()))?;
    read(&input, Value::Object(woven))
}

/// What the body says, as the fields of the question.
fn whole(rule: &Rule, body: &[u8]) -> Result<Map<String, Value>> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let said = match &rule.body {
        BodyRule::None => return Err(refused("body", msg!("BODY_NOT_READ"))),
        BodyRule::Whole => object(body)?,
        BodyRule::Field(field) => Map::from_iter([(field.name().to_owned(), strict::parse(body)?)]),
    };
    strict::canonical(&rule.rpc.input(), said, "")
}

fn object(body: &[u8]) -> Result<Map<String, Value>> {
    match strict::parse(body)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(refused("body", msg!("BODY_NO_OBJECT"))),
    }
}

/// A message whose JSON is the whole of a body.
///
/// # Errors
/// INVALID_ARGUMENT with the first violation.
pub fn message(of: &MessageDescriptor, body: &[u8]) -> Result<DynamicMessage> {
    read(of, Value::Object(strict::canonical(of, object(body)?, "")?))
}

/// Headers that stand for a field, each with the way to it, where the rpc has such a field.
fn headers<'a>(rule: &Rule, parts: &Parts<'a>) -> Vec<(&'static str, &'a str, Option<Vec<String>>)> {
    let request_id = parts.request_id.filter(|_| rule.takes_request_id());
    let request_id = request_id.map(|text| ("Idempotency-Key", text, Some(vec!["request_id".to_owned()])));
    let etag = parts.etag.map(|text| ("If-Match", text, rule.etag_path()));
    request_id.into_iter().chain(etag).collect()
}

/// A field by the name of the contract or by that of JSON.
fn known_as<'a>(known: &'a BTreeMap<String, FieldDescriptor>, name: &str) -> Option<(&'a String, &'a FieldDescriptor)> {
    let of_contract = known.get_key_value(name);
    of_contract.or_else(|| known.iter().find(|(path, _)| json_path(path) == name))
}

/// `known_at` is `knownAt` in JSON.
pub fn json_path(path: &str) -> String {
    let mut told = String::with_capacity(path.len());
    let mut upper = false;
    for c in path.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                told.extend(c.to_uppercase());
                upper = false;
            }
            c => told.push(c),
        }
    }
    told
}

/// Text from a path or a query as JSON: texts of numbers are read as numbers anyway.
fn json(field: &FieldDescriptor, text: &str) -> Value {
    match field.kind() {
        Kind::Bool => match text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            other => Value::String(other.to_owned()),
        },
        Kind::Enum(_) => text.parse::<i32>().map_or_else(|_| Value::String(text.to_owned()), Value::from),
        _ => Value::String(text.to_owned()),
    }
}

/// Puts a value at the end of a way, or at the end of a list there; not where something else stands already.
fn insert(into: &mut Map<String, Value>, message: &MessageDescriptor, path: &[String], value: Value) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    let Some(field) = message.get_field_by_name(first) else { return false };
    let key = field.name();
    if let (Kind::Message(inner), false) = (field.kind(), rest.is_empty()) {
        return match into.entry(key).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(fields) => insert(fields, &inner, rest, value),
            _ => false,
        };
    }
    if field.is_list() {
        return match into.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(items) => {
                items.push(value);
                true
            }
            _ => false,
        };
    }
    match into.get(key) {
        None => {
            into.insert(key.to_owned(), value);
            true
        }
        Some(there) => *there == value || same(message, key, there, value),
    }
}

/// Whether two values of a field are written differently and mean the same, such as `"7"` and `7`.
fn same(message: &MessageDescriptor, field: &str, one: &Value, other: Value) -> bool {
    let read = |value| read(message, Value::Object(Map::from_iter([(field.to_owned(), value)]))).ok();
    read(one.clone()).is_some_and(|one| read(other).is_some_and(|other| one == other))
}

/// Reads a message from JSON.
///
/// # Errors
/// INVALID_ARGUMENT that names the field.
pub fn read(message: &MessageDescriptor, json: Value) -> Result<DynamicMessage> {
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let mut track = serde_path_to_error::Track::new();
    let from = serde_path_to_error::Deserializer::new(&json, &mut track);
    let read = DynamicMessage::deserialize_with_options(message.clone(), from, &options);
    read.map_err(|_| {
        let path = track.path().to_string();
        refused(if path == "." { "body" } else { &path }, expected::wrong(message, &json, &path))
    })
}

/// The refusal of one field.
pub fn refused(field: &str, message: Message) -> Error {
    Error::invalid(vec![Violation { field: field.to_owned(), message }])
}

#[cfg(test)]
mod tests;
