//! What a call answers: messages, refusals, and their headers.

use serde_json::{Map, Value, json};
use tally_access::Effect;

use super::schema::{Schemas, Side};
use super::{example, lines};
use crate::problem;
use crate::rules::{BodyRule, Rule};

/// Refusals that every call may have, by status.
const COMMON: [(&str, &str); 11] = [
    ("400", "The question is wrong; `violations` names every field, `reason` what the state refuses."),
    // Also where nobody need have signed in: a password or an invitation may be wrong.
    ("401", "Nobody has signed in, or the token is over."),
    ("403", "The caller may not do this."),
    ("404", "There is nothing of this name, or nothing that the caller may see."),
    ("429", "Too many calls: `Retry-After` says when to come back."),
    ("431", "The headers are too large, or too many."),
    ("499", "The call was given up before it was answered, such as in the middle of its body."),
    ("500", "A fault of the service. The log of the service has more, under `X-Request-Id`."),
    ("501", "The service is not offered here."),
    ("503", "A service is away for a moment: `Retry-After` says when to come back."),
    ("504", "The time for the answer is over."),
];
/// Refusals that some calls may have.
const SOME: [(&str, &str); 4] = [
    ("409", "Something of this name is there, or somebody changed it meanwhile."),
    ("412", "It is no more as `If-Match` has it."),
    ("413", "The body is too large."),
    ("415", "The body is no JSON."),
];

/// The answers of a call.
pub fn of(rule: &Rule, schemas: &mut Schemas) -> Value {
    let output = rule.rpc.output();
    let (schema, example) = (schemas.of_message(&output, Side::Answer), example::of_answer(&output));
    let content = if rule.rpc.is_server_streaming() {
        let events = json!({ "type": "string", "description": "Server-sent events; the data of each is a message. The last is `end`, or `error`." });
        json!({
            "application/jsonl": { "schema": lines(&schema), "example": example.to_string() },
            "text/event-stream": { "schema": events, "example": format!("data: {example}\n\n") }
        })
    } else {
        json!({ "application/json": { "schema": schema, "example": example } })
    };
    let mut told = Map::from_iter([(
        "200".to_owned(),
        json!({ "description": "Done.", "content": content, "headers": of_answer(rule) }),
    )]);
    let own = |status: &str| (status.to_owned(), json!({ "$ref": format!("#/components/responses/{status}") }));
    told.extend(COMMON.iter().map(|(status, _)| own(status)));
    if rule.row.effect == Effect::Change {
        told.extend([own("409")]);
    }
    if rule.etag_path().is_some() {
        told.extend([own("412")]);
    }
    if rule.body != BodyRule::None {
        told.extend([own("413"), own("415")]);
    }
    if rule.may_be_unchanged() {
        told.extend([own("304")]);
    }
    Value::Object(told)
}

fn of_answer(rule: &Rule) -> Value {
    let mut names = vec!["X-Request-Id", "X-Trace-Id"];
    if !rule.rpc.is_server_streaming() {
        names.push("ETag");
    }
    if rule.rpc.output().get_field_by_name("next_page_token").is_some() {
        names.push("Link");
    }
    by_reference(&names)
}

fn by_reference(names: &[&str]) -> Value {
    names.iter().map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))).collect()
}

/// Headers of answers.
pub fn headers() -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "X-Request-Id": text("The caller's own id of this request, or one that was made for it."),
        "X-Trace-Id": {
            "description": "The trace that the spans of this call are of.",
            "schema": { "type": "string", "pattern": "^[0-9a-f]{32}$" }
        },
        "ETag": text("The version of what is told, for `If-Match`; or a weak one of the answer's bytes, for `If-None-Match`."),
        "Link": text("The next page, as `rel=\"next\"`; absent at the end."),
        "Content-Language": text("The language of the sentences."),
        "Retry-After": { "description": "Seconds until a retry makes sense.", "schema": { "type": "integer", "minimum": 1 } },
        "WWW-Authenticate": text("`Bearer`: a token is asked for.")
    })
}

/// Refusals, by status.
pub fn components() -> Value {
    let one = |(status, description): &(&str, &str)| {
        let content = json!({ problem::MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } });
        let mut names = vec!["X-Request-Id", "X-Trace-Id", "Content-Language"];
        match *status {
            "401" => names.push("WWW-Authenticate"),
            "429" | "503" => names.push("Retry-After"),
            _ => {}
        }
        let told = json!({ "description": description, "content": content, "headers": by_reference(&names) });
        ((*status).to_owned(), told)
    };
    let unchanged = json!({
        "description": "The answer is as it was when `If-None-Match` was learnt.",
        "headers": by_reference(&["X-Request-Id", "X-Trace-Id", "ETag"])
    });
    let refusals = COMMON.iter().chain(&SOME).map(one);
    Value::Object(refusals.chain([("304".to_owned(), unchanged)]).collect())
}

/// What a refusal says.
pub fn problem() -> Value {
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
                    "reason": text("The same in every language, such as `TEXT_EMPTY`."),
                    "description": text("What is wrong with it.")
                }
            } }
        }
    })
}
