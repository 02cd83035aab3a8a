//! What a call takes: parameters and body.

use prost_reflect::FieldDescriptor;
use serde_json::{Map, Value, json};

use super::schema::{Comments, Schemas, Side};
use super::{example, lines, name_in_path};
use crate::fields::is_required;
use crate::rules::{BodyRule, Rule, field_at};

/// Headers and parameters that many calls take.
pub fn components() -> Value {
    let header = |name: &str, schema: Value, description: &str| json!({ "name": name, "in": "header", "schema": schema, "description": description });
    json!({
        "fields": {
            "name": "fields", "in": "query", "schema": { "type": "string" },
            "description": "Fields of the answer, with points between the names of one way and commas between ways; all of them when absent."
        },
        "Idempotency-Key": header(
            "Idempotency-Key",
            json!({ "type": "string", "maxLength": 128, "pattern": "^[!-~]*$" }),
            "The `requestId` of the question, which may say it as well: the same key with the same content is done once and answered the same. A UUID is best.",
        ),
        "If-Match": header(
            "If-Match",
            json!({ "type": "string", "pattern": "^(\"[!#-~]*\"|[*])$" }),
            "The `ETag` that was read, one alone: what changed meanwhile is refused with 412. `*` asks for no version.",
        ),
        "If-None-Match": header(
            "If-None-Match",
            json!({ "type": "string" }),
            "`ETag`s of answers that are there already, with commas between them: the same answer is 304, without a body.",
        )
    })
}

/// The parameters of a call.
pub fn of(rule: &Rule, comments: &Comments, schemas: &mut Schemas) -> Value {
    let mut all = Vec::new();
    for variable in &rule.template.variables {
        if let Some(field) = field_at(&rule.rpc.input(), &variable.field_path) {
            let mut one = one(name_in_path(variable), &[field], "path", comments, schemas);
            one["required"] = true.into();
            if one["schema"].get("format").is_none() {
                one["schema"]["minLength"] = 1.into();
            }
            all.push(one);
        }
    }
    let by_header = by_header(rule);
    for path in rule.query_fields().keys().filter(|path| !by_header.contains(&path.as_str())) {
        let names: Vec<String> = path.split('.').map(str::to_owned).collect();
        let way = (1..=names.len()).map_while(|len| field_at(&rule.rpc.input(), &names[..len]));
        all.push(one(path, &way.collect::<Vec<_>>(), "query", comments, schemas));
    }
    let shared = |name: &str| json!({ "$ref": format!("#/components/parameters/{name}") });
    all.push(shared("fields"));
    if by_header.contains(&"request_id") {
        all.push(shared("Idempotency-Key"));
    }
    if rule.etag_path().is_some() {
        all.push(shared("If-Match"));
    }
    if rule.may_be_unchanged() {
        all.push(shared("If-None-Match"));
    }
    Value::Array(all)
}

/// Fields of a question that a header stands for: they may be said in their places too, and are described once.
fn by_header(rule: &Rule) -> Vec<&'static str> {
    // One that must be said is described where it stands: no header need be sent then.
    let request_id = rule.rpc.input().get_field_by_name("request_id").filter(|field| !is_required(field));
    let request_id = request_id.filter(|_| !rule.rpc.is_client_streaming()).map(|_| "request_id");
    let etag = rule.etag_path().is_some_and(|path| path.len() == 1).then_some("etag");
    request_id.into_iter().chain(etag).collect()
}

/// A parameter for the field at the end of a way of fields.
fn one(path: &str, way: &[FieldDescriptor], place: &str, comments: &Comments, schemas: &mut Schemas) -> Value {
    let Some(field) = way.last() else { return Value::Null };
    let said = comments.of_field(field);
    let mut one = json!({ "name": path, "in": place, "schema": schemas.of_field(field, Side::Question) });
    if way.iter().all(is_required) {
        one["required"] = true.into();
    }
    if !said.is_empty() {
        one["description"] = said.into();
    }
    let example = if place == "path" { example::of_variable(field) } else { example::of_parameter(way) };
    if let Some(example) = example {
        one["example"] = example;
    }
    one
}

/// The body of a call, where it takes one: without what the path and the headers say.
pub fn body(rule: &Rule, schemas: &mut Schemas) -> Option<Value> {
    let input = rule.rpc.input();
    let (message, depth) = match &rule.body {
        BodyRule::None => return None,
        BodyRule::Whole => (input.clone(), 0),
        BodyRule::Field(field) => (field.kind().as_message()?.clone(), 1),
    };
    let bound = rule.template.variables.iter().filter(|one| one.field_path.len() == depth + 1);
    let bound = bound.map(|one| one.field_path[depth].as_str());
    let bound: Vec<&str> = bound.chain(by_header(rule).into_iter().filter(|_| depth == 0)).collect();
    let required = message.fields().any(|field| is_required(&field) && !bound.contains(&field.name()));
    let example = example::of_question(&message, &bound);
    let content = if rule.rpc.is_client_streaming() {
        let text = lines(&schemas.of_message(&message, Side::Question));
        json!({ "application/jsonl": { "schema": text, "example": example.to_string() } })
    } else {
        let schema = schemas.of_body(&rule.rpc, &message, &bound);
        json!({ "application/json": { "schema": schema, "example": example } })
    };
    let said = Map::from_iter([("content".to_owned(), content)]);
    let required = (required || rule.rpc.is_client_streaming()).then(|| ("required".to_owned(), true.into()));
    Some(Value::Object(said.into_iter().chain(required).collect()))
}
