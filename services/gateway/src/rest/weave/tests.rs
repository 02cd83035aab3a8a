mod answers;
mod contracts;
mod examples;
mod reference;
mod words;

use std::sync::LazyLock;

use serde_json::Value as Json;
use tally_access::{Effect, Needs, PolicyRow};
use tally_api::classes;

use super::*;
use crate::rules::rules;

/// Every way to call an rpc of the contracts. What an rpc asks for decides nothing here.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rpcs = classes::pool().services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let name = |rpc: prost_reflect::MethodDescriptor| format!("{}/{}", rpc.parent_service().full_name(), rpc.name());
    let row = |name: String| PolicyRow {
        method: name.leak(),
        needs: Needs::SignIn,
        effect: Effect::Read,
        openers: &[],
        vital: false,
    };
    rules(&rpcs.map(name).map(row).collect::<Vec<_>>()).expect("the contracts are sound")
});

/// The first way to call an rpc, by the end of its name.
fn rule(rpc: &str) -> &'static Rule {
    let found = RULES.iter().find(|rule| rule.name.ends_with(rpc) && rule.binding == 0);
    found.unwrap_or_else(|| panic!("{rpc}"))
}

/// What comes besides the body.
#[derive(Clone, Copy, Default)]
struct Asked<'a> {
    path: &'a [(&'a str, &'a str)],
    query: &'a [(&'a str, &'a str)],
    request_id: Option<&'a str>,
    etag: Option<&'a str>,
}

impl Asked<'_> {
    fn ask(&self, rule: &Rule, body: &[u8]) -> Result<DynamicMessage> {
        let split = |path: &str| path.split('.').map(str::to_owned).collect();
        let path: Vec<Binding> = self.path.iter().map(|(path, text)| (split(path), Some((*text).to_owned()))).collect();
        let query: Vec<_> = self.query.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        question(rule, &Parts { path: &path, query: &query, request_id: self.request_id, etag: self.etag }, body)
    }

    /// The question as JSON.
    fn json(&self, rule: &Rule, body: &[u8]) -> Json {
        let question = self.ask(rule, body).unwrap_or_else(|error| panic!("{}: {error:?}", rule.name));
        serde_json::to_value(question).expect("a question is JSON")
    }

    /// What is wrong, as field and reason.
    fn wrong(&self, rule: &Rule, body: &[u8]) -> Vec<(String, String)> {
        let Err(error) = self.ask(rule, body) else {
            panic!("{}: {:?} was taken", rule.name, String::from_utf8_lossy(body))
        };
        error.violations().iter().map(|one| (one.field.clone(), one.message.reason().to_owned())).collect()
    }
}

/// The one thing that is wrong with a body.
fn wrong_body(rpc: &str, body: &str) -> (String, String) {
    let wrong = Asked::default().wrong(rule(rpc), body.as_bytes());
    let [one] = wrong.as_slice() else { panic!("{wrong:?}") };
    one.clone()
}

fn told(field: &str, reason: &str) -> (String, String) {
    (field.to_owned(), reason.to_owned())
}
