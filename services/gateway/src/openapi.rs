//! The description of REST in OpenAPI 3.1, made of the same table as the router.

mod answers;
mod example;
mod parameters;
mod schema;

use std::collections::BTreeMap;
use std::sync::Arc;

use prost_reflect::MethodDescriptor;
use serde_json::{Map, Value, json};
use tally_access::Needs;

use crate::rules::Rule;
use crate::template::Variable;
use schema::{Comments, Schemas};

/// The whole description.
pub fn document(rules: &[Arc<Rule>]) -> Value {
    let mut schemas = Schemas::of_answers(rules.iter().map(|rule| rule.rpc.output()));
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
    components.insert("Problem".into(), answers::problem());
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
            "parameters": parameters::components(),
            "headers": answers::headers(),
            "responses": answers::components(),
            "schemas": components
        }
    })
}

const INTRODUCTION: &str = "Every call is an rpc of the suite; `operationId` is its name. Fields are written as proto's mapping of JSON has them: \
names in lowerCamelCase (those of the contract are read too), 64-bit numbers as texts, instants in RFC 3339, and what is empty or zero is left out. \
`Idempotency-Key` is the `request_id` of a change: sent again with the same content, it is done once. `fields` behind the `?` chooses fields of the \
answer. A list tells its next page in `nextPageToken` and in the header `Link`. Errors are problem details (RFC 9457) in the language of \
`Accept-Language`. HEAD is answered as GET without a body, OPTIONS with the methods of a path in `Allow`; another method than a path has is 405 with \
`Allow` too, and a path that is not here is 404. Messages that are no HTTP, or whose headers are far beyond 32 KiB, are refused by the parser before \
anything here sees them: 400 or 431 without a body.";

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
        "parameters": parameters::of(rule, comments, schemas),
        "responses": answers::of(rule, schemas),
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
    if let Some(body) = parameters::body(rule, schemas) {
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

/// A text of lines, each the JSON of a message.
fn lines(message: &Value) -> Value {
    json!({ "type": "string", "description": "Lines, each a JSON object.", "contentMediaType": "application/json", "contentSchema": message })
}
