//! The description of REST in OpenAPI 3.1, made of the same table as the router.

mod example;
mod schema;

use std::collections::BTreeMap;
use std::sync::Arc;

use prost_reflect::{FieldDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};
use tally_access::{Effect, Needs};

use crate::problem;
use crate::rules::{BodyRule, Rule, field_at};
use crate::template::Variable;
use schema::{Comments, Schemas};

/// Answers that every call may have, by status: the key of the component.
const COMMON: [(&str, &str); 7] = [
    ("400", "The question is wrong; `violations` names every field, `reason` what the state refuses."),
    ("404", "There is nothing of this name, or nothing that the caller may see."),
    ("429", "Too many calls: `Retry-After` says when to come back."),
    ("500", "A fault of the service. The log of the service has more, under `X-Request-Id`."),
    ("501", "The service is not offered here."),
    ("503", "A service is away for a moment: `Retry-After` says when to come back."),
    ("504", "The time for the answer is over."),
];

/// The whole description.
pub fn document(rules: &[Arc<Rule>]) -> Value {
    let mut schemas = Schemas::default();
    let comments = Comments::read();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut tags: BTreeMap<String, String> = BTreeMap::new();
    for rule in rules {
        let service = rule.rpc.parent_service();
        tags.insert(tag(&rule.rpc), comments.of_service(service));
        let operation = operation(rule, &comments, &mut schemas);
        paths.entry(path(rule)).or_default().insert(rule.verb.to_lowercase(), operation);
    }
    let tags: Vec<Value> =
        tags.into_iter().map(|(name, description)| json!({ "name": name, "description": description })).collect();
    let mut components = schemas.finish(&comments);
    components.insert("Problem".into(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tally",
            "version": "v1",
            "summary": "Who served whom on a shared account, and what follows from it: score, settlement, statement.",
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "contact": { "name": "Whoever operates this suite" }
        },
        "servers": [{ "url": "/", "description": "Where this description comes from" }],
        "security": [{ "bearer": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "The access token of a session (`POST /v1/sessions`) or of an API key (`POST /v1/apiKeys:exchange`)."
            } },
            "responses": responses(),
            "schemas": components
        }
    })
}

const INTRODUCTION: &str = "Every call is an rpc of the suite; `operationId` is its name. Fields are written as proto's mapping of JSON has them: \
names in lowerCamelCase (those of the contract are read too), 64-bit numbers as texts, instants in RFC 3339, and what is empty or zero is left out. \
`Idempotency-Key` is the `request_id` of a change: sent again with the same content, it is done once. `fields` behind the `?` chooses fields of the \
answer. A list tells its next page in `nextPageToken` and in the header `Link`. Errors are problem details (RFC 9457) in the language of \
`Accept-Language`.";

/// `performance.Cycle` of `tally.performance.v1.CycleService`.
fn tag(rpc: &MethodDescriptor) -> String {
    let service = rpc.parent_service();
    let package = service.package_name().split('.').nth(1).unwrap_or_default().to_owned();
    format!("{package}.{}", service.name().trim_end_matches("Service"))
}

/// The path, with the last name of each field alone: `{measure_id}` of `{measure.measure_id}`, since not every tool reads points.
fn path(rule: &Rule) -> String {
    let of = |variable: &Variable| (variable.field_path.join("."), name_in_path(variable).to_owned());
    let names = rule.template.variables.iter().map(of);
    names.fold(rule.path.clone(), |path, (long, short)| path.replace(&format!("{{{long}}}"), &format!("{{{short}}}")))
}

fn name_in_path(variable: &Variable) -> &str {
    variable.field_path.last().map_or("", String::as_str)
}

fn operation(rule: &Rule, comments: &Comments, schemas: &mut Schemas) -> Value {
    let said = comments.of_rpc(&rule.rpc);
    let (summary, rest) = first_sentence(&said);
    let asks = match rule.row.needs {
        Needs::Nothing => "Nobody need have signed in.".to_owned(),
        Needs::SignIn => "Asks for a session, and for no permission.".to_owned(),
        Needs::Permission(permission) => format!("Asks for the permission `{permission}`."),
    };
    let id = format!("{}.{}", tag(&rule.rpc), rule.rpc.name());
    let mut operation = json!({
        "operationId": if rule.binding == 0 { id } else { format!("{id}.{}", rule.binding + 1) },
        "tags": [tag(&rule.rpc)],
        "summary": summary,
        "description": format!("{rest}{}{asks}", if rest.is_empty() { "" } else { "\n\n" }),
        "parameters": parameters(rule, comments, schemas),
        "responses": answers(rule, schemas),
    });
    let needs = match rule.row.needs {
        Needs::Permission(permission) => permission.name(),
        Needs::Nothing | Needs::SignIn => "",
    };
    if !needs.is_empty() {
        operation["x-permission"] = needs.into();
    }
    if rule.row.needs == Needs::Nothing {
        operation["security"] = json!([]);
    }
    if let Some(body) = body(rule, schemas) {
        operation["requestBody"] = body;
    }
    operation
}

/// The first sentence of a comment, and what follows.
fn first_sentence(said: &str) -> (String, String) {
    let end = said.find(". ").map_or(said.len(), |at| at + 1);
    let (first, rest) = said.split_at(end);
    (first.trim_end_matches('.').to_owned(), rest.trim().to_owned())
}

fn parameters(rule: &Rule, comments: &Comments, schemas: &mut Schemas) -> Value {
    let mut all = Vec::new();
    for variable in &rule.template.variables {
        if let Some(field) = field_at(&rule.rpc.input(), &variable.field_path) {
            let mut one = parameter(name_in_path(variable), &field, "path", comments, schemas);
            one["required"] = true.into();
            one["schema"]["minLength"] = 1.into();
            all.push(one);
        }
    }
    for (path, field) in rule.query_fields() {
        if rule.body == BodyRule::Whole {
            break;
        }
        all.push(parameter(&path, &field, "query", comments, schemas));
    }
    all.push(json!({
        "name": "fields", "in": "query", "schema": { "type": "string" },
        "description": "Fields of the answer, with points between the names of one way and commas between ways; all of them when absent."
    }));
    if rule.takes_request_id() && !rule.rpc.is_client_streaming() {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "maxLength": 128 },
            "description": "The `request_id`: the same key with the same content is done once and answered the same."
        }));
    }
    Value::Array(all)
}

fn parameter(path: &str, field: &FieldDescriptor, place: &str, comments: &Comments, schemas: &mut Schemas) -> Value {
    let said = comments.of_field(field);
    let mut one = json!({ "name": path, "in": place, "schema": schemas.of_field(field) });
    if !said.is_empty() {
        one["description"] = said.into();
    }
    if let Some(example) = example::of_field(field) {
        one["example"] = example;
    }
    one
}

fn body(rule: &Rule, schemas: &mut Schemas) -> Option<Value> {
    let input = rule.rpc.input();
    let bound: Vec<&str> = rule
        .template
        .variables
        .iter()
        .filter(|one| one.field_path.len() == 1)
        .map(|one| one.field_path[0].as_str())
        .collect();
    let (schema, example) = match &rule.body {
        BodyRule::None => return None,
        BodyRule::Whole => (schemas.of_question(&rule.rpc, &bound), example::of_message(&input, &bound)),
        BodyRule::Field(field) => {
            let inner = field.kind();
            (
                schemas.of_field(field),
                inner.as_message().map(|inner| example::of_message(inner, &[])).unwrap_or_default(),
            )
        }
    };
    if rule.rpc.is_client_streaming() {
        let text = lines(&schemas.of_message(&input));
        return Some(
            json!({ "required": true, "content": { "application/jsonl": { "schema": text, "example": example.to_string() } } }),
        );
    }
    Some(
        json!({ "required": rule.body != BodyRule::Whole, "content": { "application/json": { "schema": schema, "example": example } } }),
    )
}

fn answers(rule: &Rule, schemas: &mut Schemas) -> Value {
    let output = rule.rpc.output();
    let (schema, example) = (schemas.of_message(&output), example::of_message(&output, &[]));
    let content = if rule.rpc.is_server_streaming() {
        let events = json!({ "type": "string", "description": "Server-sent events; the data of each is a message." });
        json!({
            "application/jsonl": { "schema": lines(&schema), "example": example.to_string() },
            "text/event-stream": { "schema": events, "example": format!("data: {example}\n\n") }
        })
    } else {
        json!({ "application/json": { "schema": schema, "example": example } })
    };
    let mut told = Map::from_iter([(
        "200".to_owned(),
        json!({ "description": "Done.", "content": content, "headers": headers(rule) }),
    )]);
    let own = |status: &str| (status.to_owned(), json!({ "$ref": format!("#/components/responses/{status}") }));
    told.extend(COMMON.iter().map(|(status, _)| own(status)));
    // Also where nobody need have signed in: a password or an invitation may be wrong.
    told.extend([own("401"), own("403")]);
    if rule.row.effect == Effect::Change {
        told.extend([own("409"), own("412")]);
    }
    if rule.body != BodyRule::None {
        told.extend([own("413"), own("415")]);
    }
    if rule.verb == "GET" && !rule.rpc.is_server_streaming() {
        told.insert("304".into(), json!({ "description": "As it was when `If-None-Match` was learnt." }));
    }
    Value::Object(told)
}

/// A text of lines, each the JSON of a message.
fn lines(message: &Value) -> Value {
    json!({ "type": "string", "description": "Lines, each a JSON object.", "contentMediaType": "application/json", "contentSchema": message })
}

fn headers(rule: &Rule) -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let mut told = json!({ "X-Request-Id": text("The caller's own id of this request, or one that was made for it.") });
    if !rule.rpc.is_server_streaming() {
        told["ETag"] = text("The version of what is told.");
    }
    if rule.rpc.output().get_field_by_name("next_page_token").is_some() {
        told["Link"] = text("The next page, as `rel=\"next\"`.");
    }
    told
}

fn responses() -> Value {
    let others = [
        ("401", "Nobody has signed in, or the token is over."),
        ("403", "The caller may not do this."),
        ("409", "Something of this name is there, or somebody changed it meanwhile."),
        ("412", "It is no more as `If-Match` has it."),
        ("413", "The body is too large."),
        ("415", "The body is no JSON."),
    ];
    let one = |(status, description): &(&str, &str)| {
        let content = json!({ problem::MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } });
        ((*status).to_owned(), json!({ "description": description, "content": content }))
    };
    COMMON.iter().chain(&others).map(one).collect()
}

fn problem_schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status", "detail", "reason"],
        "properties": {
            "type": text("`urn:tally:error:` and the reason."),
            "title": text("The status in words."),
            "status": { "type": "integer", "description": "The status of HTTP." },
            "detail": text("What is wrong and what to do, in the language of `Accept-Language`."),
            "reason": text("The same in every language, such as `INVALID_REQUEST`."),
            "metadata": { "type": "object", "additionalProperties": { "type": "string" }, "description": "What the sentence names." },
            "violations": { "type": "array", "description": "Every field that is wrong.", "items": {
                "type": "object",
                "required": ["field", "reason", "description"],
                "properties": {
                    "field": text("Path of the field, such as `rows[3].at`."),
                    "reason": text("The same in every language."),
                    "description": text("What is wrong with it.")
                }
            } }
        }
    })
}
