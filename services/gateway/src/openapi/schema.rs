//! Messages as JSON Schema, in proto's own mapping of JSON, and what the contracts say of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor};
use serde_json::{Map, Value, json};
use tally_access::Permission;
use tally_api::classes;

use crate::fields::{Format, format_of, is_output_only, is_required};

/// Comments of the contracts, by the full names of what they stand before.
pub struct Comments(HashMap<String, String>);

impl Comments {
    /// Reads all.
    pub fn read() -> Self {
        let mut said = HashMap::new();
        for file in classes::pool().files().filter(|file| file.package_name().starts_with("tally.")) {
            let proto = file.file_descriptor_proto();
            let info = proto.source_code_info.iter().flat_map(|info| &info.location);
            let by_path: HashMap<&[i32], String> = info
                .filter_map(|place| Some((place.path.as_slice(), plain(place.leading_comments.as_deref()?))))
                .collect();
            let mut note = |path: &[i32], name: &str| {
                if let Some(text) = by_path.get(path) {
                    said.insert(name.to_owned(), text.clone());
                }
            };
            for message in file.messages() {
                of_message(&message, &mut note);
            }
            for one in file.enums() {
                note(one.path(), one.full_name());
            }
            for service in file.services() {
                note(service.path(), service.full_name());
                service.methods().for_each(|method| note(method.path(), method.full_name()));
            }
        }
        Self(said)
    }

    fn of(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_default()
    }

    pub fn of_service(&self, service: &ServiceDescriptor) -> String {
        self.of(service.full_name())
    }

    pub fn of_rpc(&self, rpc: &MethodDescriptor) -> String {
        self.of(rpc.full_name())
    }

    pub fn of_field(&self, field: &FieldDescriptor) -> String {
        self.of(field.full_name())
    }
}

fn of_message(message: &MessageDescriptor, note: &mut impl FnMut(&[i32], &str)) {
    note(message.path(), message.full_name());
    message.fields().for_each(|field| note(field.path(), field.full_name()));
    message.child_messages().for_each(|inner| of_message(&inner, note));
    message.child_enums().for_each(|one| note(one.path(), one.full_name()));
}

/// The lines of a comment as one text.
fn plain(comment: &str) -> String {
    comment.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// Who writes a message: what it must hold is asked of questions alone, since of an answer only some fields may be wanted, or seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Question,
    Answer,
}

/// Schemas that were asked for, and those they need.
#[derive(Default)]
pub struct Schemas {
    messages: BTreeMap<String, (MessageDescriptor, Side)>,
    enums: BTreeMap<String, EnumDescriptor>,
    /// Questions without the fields that stand in the path.
    questions: BTreeMap<String, (MessageDescriptor, Vec<String>)>,
    /// Messages of answers.
    answered: BTreeSet<String>,
    /// Whether permissions were named.
    permissions: bool,
}

impl Schemas {
    /// For rpcs with these answers.
    pub fn of_answers(outputs: impl Iterator<Item = MessageDescriptor>) -> Self {
        let mut answered = BTreeSet::new();
        outputs.for_each(|output| reach(&output, &mut answered));
        Self { answered, ..Self::default() }
    }

    /// The schema of a message, by reference.
    pub fn of_message(&mut self, message: &MessageDescriptor, side: Side) -> Value {
        if let Some(known) = well_known(message.full_name()) {
            return known;
        }
        let mut name = name(message.full_name());
        // What stands in questions and answers has a schema for each, where questions ask for more of it.
        if side == Side::Question && self.answered.contains(message.full_name()) && asks(message, &mut BTreeSet::new())
        {
            name.push_str(".Asked");
        }
        if self.messages.insert(name.clone(), (message.clone(), side)).is_none() {
            self.look_into(message, side);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// The schema of what of an rpc's question stands in the body, by reference: all of it or a part, without some fields.
    pub fn of_body(&mut self, rpc: &MethodDescriptor, message: &MessageDescriptor, without: &[&str]) -> Value {
        if without.is_empty() {
            return self.of_message(message, Side::Question);
        }
        let name = format!("{}.Body", name(rpc.input().full_name()));
        self.look_into(message, Side::Question);
        self.questions.insert(name.clone(), (message.clone(), without.iter().map(|one| (*one).to_owned()).collect()));
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn look_into(&mut self, message: &MessageDescriptor, side: Side) {
        for field in message.fields() {
            self.of_field(&field, side);
        }
    }

    /// The schema of a field.
    pub fn of_field(&mut self, field: &FieldDescriptor, side: Side) -> Value {
        let mut one = match field.kind() {
            Kind::Message(message) => self.of_message(&message, side),
            Kind::Enum(one) => {
                let name = name(one.full_name());
                self.enums.insert(name.clone(), one.clone());
                json!({ "$ref": format!("#/components/schemas/{name}") })
            }
            Kind::String if format_of(field) == Some(Format::Permission) => {
                self.permissions = true;
                json!({ "$ref": "#/components/schemas/Permission" })
            }
            Kind::String => text(format_of(field)),
            other => scalar(&other),
        };
        if side == Side::Question && is_required(field) {
            is_said(&mut one, field);
        }
        let mut schema = if field.is_list() { json!({ "type": "array", "items": one }) } else { one };
        if field.is_list() && side == Side::Question && is_required(field) {
            schema["minItems"] = 1.into();
        }
        schema
    }

    /// All of them.
    pub fn finish(mut self, comments: &Comments) -> Map<String, Value> {
        let mut told = Map::new();
        for (name, (message, side)) in self.messages.clone() {
            told.insert(name, self.object(&message, &[], side, comments));
        }
        for (name, (message, without)) in self.questions.clone() {
            told.insert(name, self.object(&message, &without, Side::Question, comments));
        }
        if self.permissions {
            let names: Vec<&str> = Permission::ALL.iter().map(|permission| permission.name()).collect();
            told.insert(
                "Permission".into(),
                json!({ "type": "string", "enum": names, "description": "What roles give." }),
            );
        }
        for (name, one) in &self.enums {
            let values: Vec<Value> = one.values().map(|value| value.name().into()).collect();
            let mut schema = json!({ "type": "string", "enum": values });
            describe(&mut schema, &comments.of(one.full_name()));
            told.insert(name.clone(), schema);
        }
        told
    }

    fn object(&mut self, message: &MessageDescriptor, without: &[String], side: Side, comments: &Comments) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in message.fields().filter(|field| !without.iter().any(|one| one == field.name())) {
            let mut schema = self.of_field(&field, side);
            // Beside a reference a description is OpenAPI 3.1's to have.
            describe(&mut schema, &comments.of_field(&field));
            if is_output_only(&field) {
                schema["readOnly"] = true.into();
            }
            if side == Side::Question && is_required(&field) {
                required.push(field.json_name().to_owned());
            }
            properties.insert(field.json_name().to_owned(), schema);
        }
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        let excluded = excluded(message);
        if side == Side::Question && !excluded.is_empty() {
            schema["not"] = json!({ "anyOf": excluded });
        }
        describe(&mut schema, &comments.of(message.full_name()));
        schema
    }
}

/// Pairs of fields of which a message has one at most.
fn excluded(message: &MessageDescriptor) -> Vec<Value> {
    let mut pairs = Vec::new();
    for choice in message.oneofs() {
        let names: Vec<String> = choice.fields().map(|field| field.json_name().to_owned()).collect();
        for (i, one) in names.iter().enumerate() {
            let pair = |other: &String| json!({ "properties": { one: true, other: true }, "required": [one, other] });
            pairs.extend(names[i + 1..].iter().map(pair));
        }
    }
    pairs
}

fn reach(message: &MessageDescriptor, into: &mut BTreeSet<String>) {
    if into.insert(message.full_name().to_owned()) {
        message.fields().filter_map(|field| field.kind().as_message().cloned()).for_each(|inner| reach(&inner, into));
    }
}

/// Whether a question asks for something of a message, at whatever depth.
fn asks(message: &MessageDescriptor, seen: &mut BTreeSet<String>) -> bool {
    let within = |field: FieldDescriptor, seen: &mut BTreeSet<String>| {
        is_required(&field) || field.kind().as_message().is_some_and(|inner| asks(inner, seen))
    };
    seen.insert(message.full_name().to_owned()) && message.fields().any(|field| within(field, seen))
}

fn describe(schema: &mut Value, said: &str) {
    if !said.is_empty() {
        schema["description"] = said.into();
    }
}

/// `performance.v1.Cycle` of `tally.performance.v1.Cycle`.
fn name(full: &str) -> String {
    full.trim_start_matches("tally.").to_owned()
}

/// Of what must be there nothing is empty or zero, since that is how proto says that it is not there.
fn is_said(schema: &mut Value, field: &FieldDescriptor) {
    match field.kind() {
        Kind::String if ["format", "pattern", "$ref"].iter().all(|key| schema.get(key).is_none()) => {
            schema["minLength"] = 1.into();
        }
        Kind::Uint32 | Kind::Int32 => schema["minimum"] = 1.into(),
        Kind::Enum(one) => schema["not"] = json!({ "const": one.default_value().name() }),
        _ => {}
    }
}

fn well_known(name: &str) -> Option<Value> {
    Some(match name {
        "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "google.protobuf.Duration" => json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$" }),
        _ => return None,
    })
}

fn text(format: Option<Format>) -> Value {
    let mut schema = json!({ "type": "string" });
    let (key, value) = match format {
        Some(Format::Id) => ("format", "uuid"),
        Some(Format::Date) => ("format", "date"),
        Some(Format::Uri) => ("format", "uri"),
        Some(Format::Month) => ("pattern", "^[0-9]{4}-(0[1-9]|1[0-2])$"),
        Some(Format::TimeOfDay) => ("pattern", "^([01][0-9]|2[0-3]):[0-5][0-9]$"),
        Some(Format::Decimal) => ("pattern", "^-?[0-9]+(\\.[0-9]+)?$"),
        Some(Format::Currency) => ("pattern", "^[A-Z]{3}$"),
        // A star stands for all of the group.
        Some(Format::Region) => ("pattern", "^([a-z0-9-]{1,32}|[*])$"),
        Some(Format::Zone | Format::Permission) | None => return schema,
    };
    schema[key] = value.into();
    schema
}

fn scalar(kind: &Kind) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
        Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({ "type": "string", "pattern": "^-?[0-9]{1,19}$" }),
        Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "pattern": "^[0-9]{1,20}$" }),
        Kind::Double | Kind::Float => json!({ "type": "number" }),
        Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Kind::String | Kind::Message(_) | Kind::Enum(_) => json!({ "type": "string" }),
    }
}
