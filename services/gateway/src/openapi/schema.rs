//! Messages as JSON Schema, in proto's own mapping of JSON, and what the contracts say of them.

use std::collections::{BTreeMap, HashMap};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor};
use serde_json::{Map, Value, json};
use tally_api::classes;

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

/// Schemas that were asked for, and those they need.
#[derive(Default)]
pub struct Schemas {
    messages: BTreeMap<String, MessageDescriptor>,
    enums: BTreeMap<String, EnumDescriptor>,
    /// Questions without the fields that stand in the path.
    questions: BTreeMap<String, (MessageDescriptor, Vec<String>)>,
}

impl Schemas {
    /// The schema of a message, by reference.
    pub fn of_message(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(known) = well_known(message.full_name()) {
            return known;
        }
        let name = name(message.full_name());
        if self.messages.insert(name.clone(), message.clone()).is_none() {
            self.look_into(message);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// The schema of an rpc's question without some fields, by reference.
    pub fn of_question(&mut self, rpc: &MethodDescriptor, without: &[&str]) -> Value {
        let input = rpc.input();
        if without.is_empty() {
            return self.of_message(&input);
        }
        let name = format!("{}.Body", name(input.full_name()));
        self.look_into(&input);
        self.questions.insert(name.clone(), (input, without.iter().map(|one| (*one).to_owned()).collect()));
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn look_into(&mut self, message: &MessageDescriptor) {
        for field in message.fields() {
            self.of_field(&field);
        }
    }

    /// The schema of a field.
    pub fn of_field(&mut self, field: &FieldDescriptor) -> Value {
        let one = self.of_kind(&field.kind());
        if field.is_list() { json!({ "type": "array", "items": one }) } else { one }
    }

    fn of_kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Message(message) => self.of_message(message),
            Kind::Enum(one) => {
                let name = name(one.full_name());
                self.enums.insert(name.clone(), one.clone());
                json!({ "$ref": format!("#/components/schemas/{name}") })
            }
            other => scalar(other),
        }
    }

    /// All of them.
    pub fn finish(mut self, comments: &Comments) -> Map<String, Value> {
        let mut told = Map::new();
        for (name, message) in self.messages.clone() {
            told.insert(name, self.object(&message, &[], comments));
        }
        for (name, (message, without)) in self.questions.clone() {
            told.insert(name, self.object(&message, &without, comments));
        }
        for (name, one) in &self.enums {
            let values: Vec<Value> = one.values().map(|value| value.name().into()).collect();
            let mut schema = json!({ "type": "string", "enum": values });
            describe(&mut schema, &comments.of(one.full_name()));
            told.insert(name.clone(), schema);
        }
        told
    }

    fn object(&mut self, message: &MessageDescriptor, without: &[String], comments: &Comments) -> Value {
        let mut properties = Map::new();
        for field in message.fields().filter(|field| !without.iter().any(|one| one == field.name())) {
            let mut schema = self.of_field(&field);
            // Beside a reference a description is OpenAPI 3.1's to have.
            describe(&mut schema, &comments.of_field(&field));
            properties.insert(field.json_name().to_owned(), schema);
        }
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        describe(&mut schema, &comments.of(message.full_name()));
        schema
    }
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

fn well_known(name: &str) -> Option<Value> {
    Some(match name {
        "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "google.protobuf.Duration" => json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$" }),
        _ => return None,
    })
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
