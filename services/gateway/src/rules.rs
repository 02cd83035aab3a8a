//! Every rpc that can be called over HTTP, read from the contracts: the one table that the router and the description in OpenAPI are made of.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value};
use tally_access::{Effect, Needs, PolicyRow};
use tally_api::classes::{self, DataClass, class_of};

use crate::fields::is_output_only;
use crate::template::Template;

/// What of a request stands in the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyRule {
    /// Nothing: there is none.
    None,
    /// All that does not stand in the path.
    Whole,
    /// This field.
    Field(FieldDescriptor),
}

/// One way to call an rpc over HTTP.
#[derive(Clone, Debug)]
pub struct Rule {
    pub rpc: MethodDescriptor,
    /// `package.Service/Method`.
    pub name: String,
    /// The part of the suite that answers, such as `attendance`.
    pub service: String,
    /// GET and so on.
    pub verb: &'static str,
    /// As the contract has it.
    pub path: String,
    pub template: Template,
    pub body: BodyRule,
    /// What it asks for, and what it does.
    pub row: PolicyRow,
    /// Its place among the ways to call the rpc.
    pub binding: usize,
}

impl Rule {
    /// Whether a question carries a request id.
    pub fn takes_request_id(&self) -> bool {
        self.rpc.input().get_field_by_name("request_id").is_some()
    }

    /// Whether nobody need have signed in.
    pub fn is_public(&self) -> bool {
        self.row.needs == Needs::Nothing
    }

    /// Whether it may be asked by an address alone: it changes nothing, takes and gives one message, and nothing that may stand in the message
    /// is closed, since addresses are kept in logs and in histories.
    pub fn may_be_an_address(&self) -> bool {
        let streams = self.rpc.is_client_streaming() || self.rpc.is_server_streaming();
        self.row.effect != Effect::Change && !streams && is_open(&self.rpc.input(), 0)
    }

    /// The way to the field that `If-Match` stands for, where a question has one: of its own, or of the field that is its body.
    pub fn etag_path(&self) -> Option<Vec<String>> {
        if self.rpc.input().get_field_by_name("etag").is_some() {
            return Some(vec!["etag".to_owned()]);
        }
        // What is made now has no version yet.
        let BodyRule::Field(field) = &self.body else { return None };
        let etag = field.kind().as_message()?.get_field_by_name("etag")?;
        (self.verb != "POST" && !is_output_only(&etag)).then(|| vec![field.name().to_owned(), "etag".to_owned()])
    }

    /// Whether an answer that the caller has already is told as such (304). What tells a version of its own is not: its fields and its language
    /// may differ while that is the same.
    pub fn may_be_unchanged(&self) -> bool {
        self.verb == "GET" && !self.rpc.is_server_streaming() && !self.tells_an_etag()
    }

    /// Whether an answer may tell a version of its own, by which a change can be made conditional: it, or a message that it holds.
    fn tells_an_etag(&self) -> bool {
        let output = self.rpc.output();
        let has = |message: &MessageDescriptor| message.get_field_by_name("etag").is_some();
        let within = |field: FieldDescriptor| !field.is_list() && field.kind().as_message().is_some_and(has);
        has(&output) || output.fields().any(within)
    }

    /// Fields that may stand behind the `?`, by the names that the contract gives them on the way: all that neither the path nor the body holds.
    /// What is closed never does: addresses are kept in logs and in histories.
    pub fn query_fields(&self) -> BTreeMap<String, FieldDescriptor> {
        let mut found = BTreeMap::new();
        if self.body != BodyRule::Whole {
            collect(&self.rpc.input(), "", &mut found, 0);
        }
        let bound: Vec<String> = self.template.variables.iter().map(|variable| variable.field_path.join(".")).collect();
        let body = if let BodyRule::Field(field) = &self.body { field.name() } else { "" };
        found.retain(|path, _| !bound.contains(path) && (body.is_empty() || !is_within(path, body)));
        found
    }
}

/// How deep fields within fields are looked for.
const DEEPEST: usize = 4;

/// Whether a field may stand where it is kept in logs and in histories.
fn is_free(field: &FieldDescriptor) -> bool {
    let of_ours = field.full_name().starts_with("tally.");
    !of_ours || matches!(class_of(field.full_name()), DataClass::Public | DataClass::Internal)
}

fn is_open(message: &MessageDescriptor, depth: usize) -> bool {
    message.fields().all(|field| match field.kind() {
        Kind::Message(inner) if inner.full_name().starts_with("tally.") && depth < DEEPEST => {
            is_free(&field) && is_open(&inner, depth + 1)
        }
        _ => is_free(&field),
    })
}

fn collect(message: &MessageDescriptor, path: &str, into: &mut BTreeMap<String, FieldDescriptor>, depth: usize) {
    for field in message.fields().filter(is_free) {
        let here = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        match field.kind() {
            Kind::Message(inner) if inner.full_name().starts_with("tally.") => {
                if !field.is_list() && depth < DEEPEST {
                    collect(&inner, &here, into, depth + 1);
                }
            }
            _ => _ = into.insert(here, field),
        }
    }
}

fn is_within(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The rpcs that can be called over HTTP, by their names.
pub type Rpcs = HashMap<String, Arc<Rule>>;

/// Each rpc once, whatever ways there are to call it.
pub fn by_name(rules: &[Arc<Rule>]) -> Rpcs {
    rules.iter().filter(|rule| rule.binding == 0).map(|rule| (rule.name.clone(), Arc::clone(rule))).collect()
}

/// All rules, for services with these rows of the policy table.
///
/// # Errors
/// What is wrong with the contracts; a test of this crate reads them all.
pub fn rules<'a>(policy: impl IntoIterator<Item = &'a PolicyRow>) -> Result<Vec<Rule>, String> {
    let rows: BTreeMap<&str, &PolicyRow> = policy.into_iter().map(|row| (row.method, row)).collect();
    let option = classes::pool().get_extension_by_name("google.api.http").ok_or("no option google.api.http")?;
    let mut rules = Vec::new();
    for rpc in classes::pool().services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let options = rpc.options();
        if !options.has_extension(&option) {
            continue;
        }
        let said = options.get_extension(&option);
        let http = said.as_message().ok_or("google.api.http is a message")?;
        let more = http.get_field_by_name("additional_bindings");
        let more = more.iter().filter_map(|more| more.as_list()).flatten().filter_map(Value::as_message);
        for (binding, one) in std::iter::once(http).chain(more).enumerate() {
            let name = format!("{}/{}", rpc.parent_service().full_name(), rpc.name());
            let row = **rows.get(name.as_str()).ok_or_else(|| format!("{name} is in no table of what it asks for"))?;
            rules.push(rule(&rpc, (name, row), one, binding)?);
        }
    }
    Ok(rules)
}

fn rule(
    rpc: &MethodDescriptor,
    (name, row): (String, PolicyRow),
    http: &DynamicMessage,
    binding: usize,
) -> Result<Rule, String> {
    let verbs = [("get", "GET"), ("put", "PUT"), ("post", "POST"), ("delete", "DELETE"), ("patch", "PATCH")];
    let said = |field: &str| http.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned));
    let verb = verbs.into_iter().find_map(|(field, verb)| Some((verb, said(field).filter(|path| !path.is_empty())?)));
    let (verb, path) = verb.ok_or_else(|| format!("{name} has no path"))?;
    let template = Template::parse(&path).ok_or_else(|| format!("{name}: no template: {path}"))?;
    let body = match said("body").unwrap_or_default().as_str() {
        "" => BodyRule::None,
        "*" => BodyRule::Whole,
        field => {
            BodyRule::Field(rpc.input().get_field_by_name(field).ok_or_else(|| format!("{name}: no field {field}"))?)
        }
    };
    for variable in &template.variables {
        field_at(&rpc.input(), &variable.field_path)
            .ok_or_else(|| format!("{name}: no field {:?}", variable.field_path))?;
    }
    let service = name.split('.').nth(1).unwrap_or_default().to_owned();
    Ok(Rule { rpc: rpc.clone(), service, verb, path, template, body, row, binding, name })
}

/// The field at the end of a way of names.
pub fn field_at(message: &MessageDescriptor, path: &[String]) -> Option<FieldDescriptor> {
    let (first, rest) = path.split_first()?;
    let field = message.get_field_by_name(first)?;
    if rest.is_empty() { Some(field) } else { field_at(field.kind().as_message()?, rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rpcs that nobody calls over HTTP: parts of the suite ask them of each other.
    const WITHOUT: [&str; 2] =
        ["tally.identity.v1.AccessService.GetView", "tally.identity.v1.ErasureService.ReportErasure"];

    #[test]
    fn every_rpc_has_a_path_or_a_reason_to_have_none() {
        let option = classes::pool().get_extension_by_name("google.api.http").unwrap();
        let rpcs = classes::pool().services().flat_map(|service| service.methods().collect::<Vec<_>>());
        let without: Vec<String> =
            rpcs.filter(|rpc| !rpc.options().has_extension(&option)).map(|rpc| rpc.full_name().to_owned()).collect();
        assert_eq!(without, WITHOUT);
    }

    #[test]
    fn what_chooses_fields_of_answers_is_no_field_of_a_question() {
        let questions = classes::pool().services().flat_map(|service| service.methods().collect::<Vec<_>>());
        let taken = questions.filter(|rpc| rpc.input().get_field_by_name("fields").is_some());
        assert_eq!(taken.count(), 0);
    }
}
