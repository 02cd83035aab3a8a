//! Every operation reads the example that its description shows, and every header that it describes.

use std::collections::BTreeSet;

use super::*;

fn description() -> Json {
    crate::openapi::document(&RULES.iter().cloned().map(std::sync::Arc::new).collect::<Vec<_>>())
}

/// The operation of a rule.
fn operation<'d>(description: &'d Json, rule: &Rule) -> &'d Json {
    let paths = description["paths"].as_object().unwrap();
    let name = rule.rpc.name();
    let id = if rule.binding == 0 { format!(".{name}") } else { format!(".{name}.{}", rule.binding + 1) };
    let all = paths.values().filter_map(|verbs| verbs.get(rule.verb.to_lowercase()));
    let own = all.filter(|one| one["operationId"].as_str().is_some_and(|told| told.ends_with(&id)));
    let service = rule.rpc.parent_service().name().trim_end_matches("Service").to_owned();
    let mut own = own.filter(|one| {
        let told = one["operationId"].as_str().unwrap_or_default();
        told.starts_with(&format!("{}.{service}.", rule.service))
    });
    own.next().unwrap_or_else(|| panic!("{}", rule.name))
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Examples of parameters at a place, by their names.
fn parameters<'d>(operation: &'d Json, place: &str) -> Vec<(&'d str, Vec<String>)> {
    let all = operation["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == place);
    let shown = all.filter(|one| one.get("example").is_some());
    let texts = |one: &Json| one.as_array().map_or_else(|| vec![text(one)], |all| all.iter().map(text).collect());
    shown.map(|one| (one["name"].as_str().unwrap(), texts(&one["example"]))).collect()
}

#[test]
fn every_example_is_a_question_of_its_operation() {
    let description = description();
    for rule in RULES.iter() {
        let operation = operation(&description, rule);
        let of_path = parameters(operation, "path");
        assert_eq!(of_path.len(), rule.template.variables.len(), "{}: every variable has an example", rule.name);
        let ways = rule.template.variables.iter().map(|one| one.field_path.join(".")).collect::<Vec<_>>();
        let path: Vec<(&str, &str)> =
            ways.iter().zip(&of_path).map(|(way, (_, texts))| (way.as_str(), texts[0].as_str())).collect();
        let of_query = parameters(operation, "query");
        let query: Vec<(&str, &str)> =
            of_query.iter().flat_map(|(name, texts)| texts.iter().map(|text| (*name, text.as_str()))).collect();
        let content = operation["requestBody"]["content"].as_object();
        let body = content.map_or_else(String::new, |all| text(&all.values().next().unwrap()["example"]));
        let asked = Asked { path: &path, query: &query, ..Asked::default() }.json(rule, body.as_bytes());
        // What must be there is shown.
        let missing = missing(&asked, &rule.rpc.input(), "");
        assert_eq!(missing, Vec::<String>::new(), "{}", rule.name);
    }
}

/// Ways to fields that must be there and are not.
fn missing(asked: &Json, message: &MessageDescriptor, at: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for field in message.fields() {
        let way = format!("{at}{}", field.name());
        match (asked.get(field.json_name()), field.kind()) {
            (None, _) if crate::fields::is_required(&field) => missing.push(way),
            (Some(Json::Array(items)), Kind::Message(inner)) if inner.full_name().starts_with("tally.") => {
                missing.extend(items.iter().flat_map(|item| self::missing(item, &inner, &format!("{way}[]."))));
            }
            (Some(value), Kind::Message(inner)) if inner.full_name().starts_with("tally.") => {
                missing.extend(self::missing(value, &inner, &format!("{way}.")));
            }
            _ => {}
        }
    }
    missing
}

#[test]
fn a_described_header_is_read_and_another_condition_is_refused() {
    let description = description();
    let mut conditional = BTreeSet::new();
    for rule in RULES.iter() {
        let operation = operation(&description, rule);
        let has = |name: &str| {
            let reference = format!("#/components/parameters/{name}");
            operation["parameters"].as_array().unwrap().iter().any(|one| one["$ref"] == reference.as_str())
        };
        let answers = |status: &str| operation["responses"].get(status).is_some();
        let described = (has("If-Match"), has("If-None-Match"), has("Idempotency-Key"));
        let answered = (answers("412"), answers("304"));
        assert_eq!(answered, (described.0, described.1), "{}", rule.name);
        let key = rule.rpc.input().get_field_by_name("request_id");
        let key = key.filter(|field| !rule.rpc.is_client_streaming() && !crate::fields::is_required(field));
        assert_eq!(described.2, key.is_some(), "{}", rule.name);
        if described.0 {
            conditional.insert(rule.rpc.name().to_owned());
        }
        let asked = Asked { etag: Some("e"), ..Asked::default() };
        let read = asked.ask(rule, b"");
        let refused = read.err().is_some_and(|error| error.violations().iter().any(|one| one.field == "If-Match"));
        assert_eq!(refused, !described.0, "{}", rule.name);
    }
    assert!(conditional.contains("UpdateSchedule") && !conditional.contains("CreateSchedule"), "{conditional:?}");
}
