//! What the pages show, taken out of the description in OpenAPI.

use std::collections::BTreeSet;

use serde_json::Value;
use tally_kernel::Locale;

use super::words::count;

/// A service with its rooms.
pub struct Service {
    pub name: String,
    pub rooms: Vec<Room>,
}

/// A room: its calls, and the objects of them.
pub struct Room {
    pub name: String,
    pub said: Text,
    pub count: String,
    pub calls: Vec<Call>,
    pub shapes: Vec<Shape>,
}

/// A call.
pub struct Call {
    pub name: String,
    pub verb: String,
    pub path: String,
    pub summary: Text,
    pub said: Text,
    pub permission: String,
    pub is_public: bool,
    pub parameters: Vec<Field>,
    pub body: Option<Content>,
    pub answer: Option<Content>,
    pub refusals: Vec<(String, Text)>,
}

/// A body or an answer.
pub struct Content {
    pub is_lines: bool,
    pub kind: Kind,
    pub example: String,
}

/// An object, or a choice of names.
pub struct Shape {
    pub name: String,
    pub said: Text,
    pub fields: Vec<Field>,
    pub values: Vec<String>,
}

/// A field, or a parameter.
pub struct Field {
    pub name: String,
    /// Where a parameter stands.
    pub place: String,
    pub kind: Kind,
    pub is_required: bool,
    pub is_filled: bool,
    pub said: Text,
}

/// What a value is: a word of JSON Schema with its format, or the name of an object of the page.
pub struct Kind {
    pub word: String,
    pub is_shape: bool,
    pub is_list: bool,
}

/// A text of the contracts, in which code stands between backticks.
pub struct Text(pub Vec<(bool, String)>);

impl Text {
    /// Its pieces, and whether each is code.
    pub fn of(said: &Value) -> Self {
        let pieces = said.as_str().unwrap_or_default().split('`').enumerate();
        Self(pieces.filter(|(_, piece)| !piece.is_empty()).map(|(i, piece)| (i % 2 == 1, piece.to_owned())).collect())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn pairs(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// All services with the calls of their rooms.
pub fn services(description: &Value, locale: Locale) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    for tag in list(&description["tags"]) {
        let name = text(&tag["name"]);
        let calls = calls(description, &name);
        let service = name.split('.').next().unwrap_or_default().to_owned();
        let count = count(locale, calls.len());
        let room = Room { said: Text::of(&tag["description"]), name, count, calls, shapes: Vec::new() };
        match services.last_mut().filter(|last| last.name == service) {
            Some(last) => last.rooms.push(room),
            None => services.push(Service { name: service, rooms: vec![room] }),
        }
    }
    services
}

/// A room with everything that is known of it.
pub fn room(description: &Value, name: &str) -> Room {
    let said = list(&description["tags"]).find(|tag| tag["name"] == name).map(|tag| &tag["description"]);
    let mut names = BTreeSet::new();
    let operations = pairs(&description["paths"]).flat_map(|(_, verbs)| pairs(verbs));
    for (_, operation) in operations.filter(|(_, operation)| operation["tags"][0] == name) {
        reach(description, operation, &mut names);
    }
    let shape = |name: &String| {
        let schema = &description["components"]["schemas"][name.as_str()];
        let required: Vec<&str> = list(&schema["required"]).filter_map(Value::as_str).collect();
        let field = |(name, one): (&String, &Value)| field(name, one, one, required.contains(&name.as_str()));
        Shape {
            name: name.clone(),
            said: Text::of(&schema["description"]),
            fields: pairs(&schema["properties"]).map(field).collect(),
            values: list(&schema["enum"]).map(text).collect(),
        }
    };
    Room {
        name: name.to_owned(),
        said: Text::of(said.unwrap_or(&Value::Null)),
        count: String::new(),
        calls: calls(description, name),
        shapes: names.iter().map(shape).collect(),
    }
}

/// The names of the schemas that something refers to, and those they refer to. What every refusal is stands on no page.
fn reach(description: &Value, of: &Value, into: &mut BTreeSet<String>) {
    match of {
        Value::Object(fields) => {
            let named = fields.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix(SCHEMAS));
            if let Some(name) = named.filter(|name| into.insert((*name).to_owned())) {
                reach(description, &description["components"]["schemas"][name], into);
            }
            fields.values().for_each(|value| reach(description, value, into));
        }
        Value::Array(items) => items.iter().for_each(|item| reach(description, item, into)),
        _ => {}
    }
}

const SCHEMAS: &str = "#/components/schemas/";

fn calls(description: &Value, room: &str) -> Vec<Call> {
    let all =
        pairs(&description["paths"]).flat_map(|(path, verbs)| pairs(verbs).map(move |(verb, one)| (path, verb, one)));
    let own = all.filter(|(_, _, operation)| operation["tags"][0] == room);
    own.map(|(path, verb, operation)| call(description, (verb, path), operation)).collect()
}

fn call(description: &Value, (verb, path): (&str, &str), operation: &Value) -> Call {
    let id = text(&operation["operationId"]);
    let room = operation["tags"][0].as_str().unwrap_or_default();
    // The last paragraph is what it asks for.
    let said = operation["description"].as_str().and_then(|said| said.rsplit_once("\n\n")).map_or("", |(said, _)| said);
    let parameter = |one: &Value| {
        let one = resolved(description, one, "parameters");
        field(one["name"].as_str().unwrap_or_default(), &one["schema"], one, one["required"] == true)
    };
    let responses = pairs(&operation["responses"]).filter(|(status, _)| status.as_str() != "200");
    let refusal = |(status, one): (&String, &Value)| {
        (status.clone(), Text::of(&resolved(description, one, "responses")["description"]))
    };
    Call {
        name: id.strip_prefix(room).map_or(id.as_str(), |name| name.trim_start_matches('.')).to_owned(),
        verb: verb.to_uppercase(),
        path: path.to_owned(),
        summary: Text::of(&operation["summary"]),
        said: Text::of(&said.into()),
        permission: text(&operation["x-permission"]),
        is_public: list(&operation["security"]).next().is_none() && operation["security"].is_array(),
        parameters: list(&operation["parameters"]).map(parameter).collect(),
        body: content(&operation["requestBody"]),
        answer: content(&operation["responses"]["200"]),
        refusals: responses.map(refusal).collect(),
    }
}

fn resolved<'d>(description: &'d Value, one: &'d Value, of: &str) -> &'d Value {
    let name = one["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    name.map_or(one, |name| &description["components"][of][name])
}

fn content(said: &Value) -> Option<Content> {
    let (media, one) = pairs(&said["content"]).next()?;
    let is_lines = media == "application/jsonl";
    let schema = if is_lines { &one["schema"]["contentSchema"] } else { &one["schema"] };
    let example = match &one["example"] {
        Value::String(line) => serde_json::from_str(line).unwrap_or_default(),
        example => example.clone(),
    };
    Some(Content { is_lines, kind: kind(schema), example: serde_json::to_string_pretty(&example).unwrap_or_default() })
}

fn field(name: &str, schema: &Value, told: &Value, is_required: bool) -> Field {
    Field {
        name: name.to_owned(),
        place: text(&told["in"]),
        kind: kind(schema),
        is_required,
        is_filled: schema["readOnly"] == true,
        said: Text::of(&told["description"]),
    }
}

fn kind(schema: &Value) -> Kind {
    let (one, is_list) = if schema["type"] == "array" { (&schema["items"], true) } else { (schema, false) };
    if let Some(name) = one["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS)) {
        return Kind { word: name.to_owned(), is_shape: true, is_list };
    }
    let more = one["format"].as_str().or(one["pattern"].as_str()).or(one["contentEncoding"].as_str());
    let word = one["type"].as_str().unwrap_or_default();
    Kind { word: more.map_or_else(|| word.to_owned(), |more| format!("{word} {more}")), is_shape: false, is_list }
}
