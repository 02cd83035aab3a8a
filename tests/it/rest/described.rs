//! What the description says of a question is so: every operation takes its own example, without what must be there it is refused, what is of a
//! form is refused in another, what may be left out may be, and what only the server fills in is not read.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Map, Value, json};
use tally_testkit::databases::Backend;

use super::{Client, PASSWORD};
use crate::stack::Stack;

/// What refuses an example that is well formed: what it names is not there, or whoever asks is nobody who may.
const STATES: [(&str, &str); 12] = [
    ("ACCOUNT_UNKNOWN_HERE", "there is no account"),
    ("KEY_LIFE_UNUSABLE", "an example's days pass"),
    ("NO_PERSON", "the administrator is nobody who punches"),
    ("NOT_SUSPENDED", "the group is in use"),
    ("OBSERVATION_SUBJECT_UNKNOWN", "there is nobody"),
    ("PERSON_UNKNOWN", "there is nobody"),
    ("PLACE_WRONG", "there is no unit in the region"),
    ("REPLY_RECORD_UNKNOWN", "there is no record"),
    ("SECOND_FACTOR_MISSING", "the administrator has none"),
    ("SUSPENDED_TOO_SHORT", "the group was suspended just now"),
    ("TRANSFER_MALFORMED", "a transfer is signed"),
    ("UNIT_UNKNOWN", "there is no unit"),
];

/// Fields that must be there in some questions alone, with the operation: their comments say in which.
const CONDITIONAL: [(&str, &str); 24] = [
    ("attendance.Audit.SearchAudit", "person_id"),
    ("attendance.Correction.CorrectHandover", "account_id"),
    ("attendance.Correction.CorrectHandover", "at"),
    ("attendance.Correction.CorrectHandover", "kind"),
    ("attendance.Correction.CorrectHandover", "person_id"),
    ("attendance.Correction.CorrectPunch", "at"),
    ("attendance.Correction.CorrectPunch", "kind"),
    ("attendance.Correction.CorrectPunch", "person_id"),
    ("compensation.Audit.SearchAudit", "person_id"),
    ("identity.Access.GrantRole", "grant.principal_id"),
    ("identity.Audit.SearchAudit", "person_id"),
    ("identity.Person.GetPerson.2", "person_id"),
    ("identity.Person.ListPeople", "period.from"),
    ("identity.Person.ListPeople", "period.to"),
    ("performance.Attribution.ExplainRecord", "cycle_id"),
    ("performance.Attribution.ExportCredits", "cycle_id"),
    ("performance.Attribution.ListFindings", "cycle_id"),
    ("performance.Attribution.ListTotals", "cycle_id"),
    ("performance.Audit.SearchAudit", "person_id"),
    ("performance.Change.ListTouchedCycles", "account_ids"),
    ("performance.Schedule.CreateSchedule", "delay_minutes"),
    ("performance.Schedule.UpdateSchedule", "delay_minutes"),
    ("performance.Transfer.PrepareTransfer", "cycle_id"),
    ("talent.Audit.SearchAudit", "person_id"),
];

/// Fields that the example's question does not read, or not before it knows that something else is not there.
const UNREAD: [(&str, &str); 7] = [
    // What is added is no fact that is there already.
    ("attendance.Correction.CorrectHandover", "handover_id"),
    ("attendance.Correction.CorrectPunch", "punch_id"),
    // What is made gets its id.
    ("performance.Measure.CreateMeasure", "measure_id"),
    ("performance.Schedule.CreateSchedule", "schedule_id"),
    // A measure stays where it is.
    ("performance.Measure.UpdateMeasure", "unit_id"),
    // There is no account.
    ("performance.Record.ImportRecords", "rows[0].currency"),
    ("performance.Record.ImportRecords", "rows[0].measures[0].number"),
];

/// Operations whose examples would end what the walk stands on: theirs are sent last, and only once.
const LAST: [&str; 4] = [
    "identity.Session.EndAllSessions",
    "identity.Entitlement.SetModules",
    "identity.Tenant.SuspendTenant",
    "identity.Tenant.DeleteTenant",
];

/// A request as the description has it.
#[derive(Clone)]
struct Asked {
    verb: String,
    path: String,
    query: Map<String, Value>,
    body: Option<Value>,
    media: String,
}

/// Why a question was refused: fields, reasons and sentences.
type Refused = BTreeSet<(String, String, String)>;

struct Walk {
    description: Value,
    /// Together they may do everything that a person may.
    clients: Vec<Client>,
    faults: Vec<String>,
    /// How many facts were tried, by kind.
    tried: [usize; 4],
    /// Exceptions that were met: an operation with its field, or a reason with none.
    met: BTreeSet<(&'static str, &'static str)>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_as_the_description_says() {
    let mut stack = Stack::on(Backend::Sqlite).await;
    let mut walk = Walk::of(&mut stack).await;
    let paths = walk.description["paths"].as_object().expect("paths").clone();
    let operations = paths.iter().flat_map(|(path, verbs)| {
        let verbs = verbs.as_object().expect("verbs").iter();
        verbs.map(move |(verb, operation)| (path.clone(), verb.clone(), operation.clone()))
    });
    let is_last = |id: &Value| LAST.iter().position(|last| id == last);
    let (mut last, first): (Vec<_>, Vec<_>) =
        operations.partition(|(_, _, one)| is_last(&one["operationId"]).is_some());
    last.sort_by_key(|(_, _, one)| is_last(&one["operationId"]));
    assert_eq!(last.len(), LAST.len());
    for (path, verb, operation) in &first {
        walk.operation(path, verb, operation).await;
    }
    for (path, verb, operation) in &last {
        let id = operation["operationId"].as_str().unwrap_or_default();
        let asked = asked(path, verb, operation);
        walk.example(id, &asked).await;
    }
    assert_eq!(walk.faults, Vec::<String>::new(), "{} faults", walk.faults.len());
    let states = STATES.iter().map(|(reason, _)| (*reason, ""));
    let exceptions = CONDITIONAL.iter().chain(&UNREAD).copied();
    let unmet: Vec<_> = states.chain(exceptions).filter(|one| !walk.met.contains(one)).collect();
    assert_eq!(unmet, Vec::<(&str, &str)>::new(), "exceptions that nothing needs");
    let [examples, required, forms, filled] = walk.tried;
    assert!(examples > 225 && required > 200 && forms > 200 && filled > 60, "{:?}", walk.tried);
}

impl Walk {
    async fn of(stack: &mut Stack) -> Self {
        let at = stack.gateway().await;
        let nobody = Client { at, token: String::new() };
        let ask = json!({
            "name": "My group", "currency": "CNY", "zone": "Asia/Shanghai", "regions": ["cn-north", "cn-south"],
            "adminLogin": "admin", "adminPassword": PASSWORD
        });
        nobody.post("/v1/tenants", &ask).await;
        let admin = nobody.signed_in("admin").await;
        let roles = admin.get("/v1/roles").await["roles"].as_array().expect("roles").clone();
        let mut clients = Vec::new();
        // Nobody holds all rights: who prepares does not approve.
        for (login, leaves_out) in [("one", ""), ("other", "approver")] {
            admin.post("/v1/logins", &json!({ "login": login, "password": PASSWORD })).await;
            let mut names: Vec<&str> = roles.iter().filter_map(|role| role["name"].as_str()).collect();
            names.retain(|name| *name != leaves_out);
            for role in names {
                let grant = json!({ "role": role, "scope": "SCOPE_KIND_TENANT", "validFrom": "2020-01-01", "reason": "the walk" });
                let body = json!({ "login": login, "grant": grant }).to_string();
                // Some are given on other scopes, some exclude each other.
                let _some_are_refused = admin.send("POST", "/v1/grants", &[], &body).await;
            }
            clients.push(nobody.signed_in(login).await);
        }
        Self {
            description: nobody.get("/openapi.json").await,
            clients,
            faults: Vec::new(),
            tried: [0; 4],
            met: BTreeSet::new(),
        }
    }

    async fn operation(&mut self, path: &str, verb: &str, operation: &Value) {
        let id = operation["operationId"].as_str().expect("an id");
        let asked = asked(path, verb, operation);
        let base = self.example(id, &asked).await;
        for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query") {
            let name = parameter["name"].as_str().expect("a name");
            if asked.query.contains_key(name) {
                let place = Place {
                    way: vec![name.into()],
                    schema: &parameter["schema"],
                    required: parameter["required"] == true,
                };
                self.place(id, &asked, &base, &place).await;
            }
        }
        let description = self.description.clone();
        let Some((schema, body)) = schema_of(operation).zip(asked.body.clone()) else { return };
        for place in places(&description, schema, &body) {
            self.place(id, &asked, &base, &place).await;
        }
    }

    /// Sends an example: nothing of its form may be wrong.
    async fn example(&mut self, id: &str, asked: &Asked) -> Refused {
        self.tried[0] += 1;
        let (status, refused) = self.send(asked).await;
        let state = |reason: &str| STATES.iter().find(|(known, _)| *known == reason).map(|(known, _)| *known);
        let wrong: Vec<_> = refused.iter().filter(|(_, reason, _)| state(reason).is_none()).collect();
        self.met.extend(refused.iter().filter_map(|(_, reason, _)| Some((state(reason)?, ""))));
        if !wrong.is_empty() || status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
            self.faults.push(format!("{id}: its example is refused: {status} {wrong:?}"));
        }
        refused
    }

    /// Tries what is said of a field.
    async fn place(&mut self, id: &str, asked: &Asked, base: &Refused, place: &Place<'_>) {
        let way = place.name();
        if place.schema["readOnly"] == true {
            self.tried[3] += 1;
            let (_, refused) = self.send(&place.put(asked, nonsense(&self.description, place.schema))).await;
            if refused != *base {
                self.faults.push(format!("{id}: {way} is read, though only the server fills it in: {refused:?}"));
            }
            return;
        }
        let (_, without) = self.send(&place.left_out(asked)).await;
        let without: Vec<_> = without.difference(base).collect();
        self.tried[1] += usize::from(place.required);
        let named = without.iter().any(|(field, ..)| format!(".{field}.").contains(&format!(".{way}.")));
        match (place.required, without.is_empty()) {
            (true, true) if !self.is_among(&UNREAD, id, &way) => {
                self.faults.push(format!("{id}: {way} need not be there"));
            }
            (false, false) if named && !self.is_among(&CONDITIONAL, id, &way) => {
                self.faults.push(format!("{id}: {way} must be there: {without:?}"));
            }
            _ => {}
        }
        let form = place.schema.get("format").or(place.schema.get("pattern"));
        if form.is_some() && place.schema["type"] == "string" {
            self.tried[2] += 1;
            let (_, refused) = self.send(&place.put(asked, "x!".into())).await;
            if refused.difference(base).next().is_none() && !self.is_among(&UNREAD, id, &way) {
                self.faults.push(format!("{id}: {way} may be of any form, and not only {form:?}"));
            }
        }
    }

    /// Whether a list of exceptions has a field of an operation.
    fn is_among(&mut self, list: &'static [(&str, &str)], id: &str, way: &str) -> bool {
        let found = list.iter().find(|(operation, field)| *operation == id && *field == way);
        self.met.extend(found);
        found.is_some()
    }

    /// The status of the answer, and what was wrong with the question; of rows that were refused too.
    async fn send(&self, asked: &Asked) -> (StatusCode, Refused) {
        let mut told = None;
        for client in &self.clients {
            let query: Vec<String> = asked.query.iter().flat_map(|(name, value)| pairs(name, value)).collect();
            let path =
                if query.is_empty() { asked.path.clone() } else { format!("{}?{}", asked.path, query.join("&")) };
            let body = asked.body.as_ref().map_or_else(String::new, Value::to_string);
            let answer = client.send(&asked.verb, &path, &[("content-type", &asked.media)], &body).await;
            let line = answer.body().split(|byte| *byte == b'\n').next().unwrap_or_default();
            let read: Value = serde_json::from_slice(line).unwrap_or_default();
            told = Some((answer.status(), refusals(answer.status(), &read)));
            if answer.status() != StatusCode::FORBIDDEN {
                break;
            }
        }
        told.expect("there are clients")
    }
}

fn refusals(status: StatusCode, told: &Value) -> Refused {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if status == StatusCode::BAD_REQUEST {
        let violations = told["violations"].as_array().into_iter().flatten();
        let told_of = |one: &Value| (text(&one["field"]), text(&one["reason"]), text(&one["description"]));
        let refused: Refused = violations.map(told_of).collect();
        let whole = || Refused::from([(String::new(), text(&told["reason"]), text(&told["detail"]))]);
        return if refused.is_empty() { whole() } else { refused };
    }
    let rows = told["result"]["problems"].as_array().into_iter().flatten();
    let row = |one: &Value| {
        let message = text(&one["message"]);
        let field = message.split_once(": ").filter(|(field, _)| !field.contains(' ')).map_or("", |(field, _)| field);
        (format!("rows[{}].{field}", one["index"].as_u64().unwrap_or_default()), text(&one["reason"]), message.clone())
    };
    rows.map(row).collect()
}

/// A field of a question, with the way to it in JSON.
struct Place<'d> {
    way: Vec<Value>,
    schema: &'d Value,
    required: bool,
}

impl Place<'_> {
    /// As refusals name it.
    fn name(&self) -> String {
        let mut name = String::new();
        for step in &self.way {
            match step.as_str() {
                Some(step) if name.is_empty() => name = snake(step),
                Some(step) => name += &format!(".{}", snake(step)),
                None => name += &format!("[{step}]"),
            }
        }
        name
    }

    fn left_out(&self, asked: &Asked) -> Asked {
        self.with(asked, None)
    }

    fn put(&self, asked: &Asked, value: Value) -> Asked {
        self.with(asked, Some(value))
    }

    fn with(&self, asked: &Asked, value: Option<Value>) -> Asked {
        let mut asked = asked.clone();
        let name = self.way.last().and_then(Value::as_str).expect("a name");
        let holder = match &mut asked.body {
            Some(body) if !asked.query.contains_key(name) => self.way[..self.way.len() - 1].iter().fold(body, step),
            _ => {
                match value {
                    Some(value) => asked.query.insert(name.into(), value),
                    None => asked.query.remove(name),
                };
                return asked;
            }
        };
        let holder = holder.as_object_mut().expect("an object");
        match value {
            Some(value) => holder.insert(name.into(), value),
            None => holder.remove(name),
        };
        asked
    }
}

fn step<'v>(value: &'v mut Value, step: &Value) -> &'v mut Value {
    match step.as_u64() {
        Some(place) => &mut value[usize::try_from(place).expect("a place")],
        None => &mut value[step.as_str().expect("a name")],
    }
}

/// All fields of an example with what its schema says of them, and those that it does not show since only the server fills them in.
fn places<'d>(description: &'d Value, schema: &'d Value, example: &Value) -> Vec<Place<'d>> {
    let schema = resolved(description, schema);
    let mut all = Vec::new();
    let within = |first: Vec<Value>, schema: &'d Value, value: &Value, all: &mut Vec<Place<'d>>| {
        for mut place in places(description, schema, value) {
            place.way.splice(0..0, first.iter().cloned());
            all.push(place);
        }
    };
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let required = schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        let way: Vec<Value> = vec![name.as_str().into()];
        match example.get(name) {
            None if property["readOnly"] == true => all.push(Place { way, schema: property, required }),
            None => {}
            Some(value) => {
                all.push(Place { way: way.clone(), schema: property, required });
                match value.as_array() {
                    Some(items) => items.iter().enumerate().for_each(|(place, item)| {
                        within([way.clone(), vec![place.into()]].concat(), &property["items"], item, &mut all);
                    }),
                    None => within(way, property, value, &mut all),
                }
            }
        }
    }
    all
}

fn resolved<'d>(description: &'d Value, schema: &'d Value) -> &'d Value {
    let name = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    name.map_or(schema, |name| &description["components"]["schemas"][name])
}

/// A value of the right kind that means nothing.
fn nonsense(description: &Value, schema: &Value) -> Value {
    let schema = resolved(description, schema);
    match schema["type"].as_str() {
        Some("array") => json!([nonsense(description, &schema["items"])]),
        Some("object") => json!({}),
        Some("boolean") => true.into(),
        Some("integer") => 77.into(),
        _ if schema["format"] == "date-time" => "1999-01-01T00:00:00Z".into(),
        _ if schema["enum"].is_array() => schema["enum"][1].clone(),
        _ if schema["pattern"].is_string() => "77".into(),
        _ => "nonsense".into(),
    }
}

fn schema_of(operation: &Value) -> Option<&Value> {
    let (media, content) = operation["requestBody"]["content"].as_object()?.iter().next()?;
    Some(if media == "application/jsonl" { &content["schema"]["contentSchema"] } else { &content["schema"] })
}

fn asked(path: &str, verb: &str, operation: &Value) -> Asked {
    let mut asked = Asked {
        verb: verb.to_uppercase(),
        path: path.to_owned(),
        query: Map::new(),
        body: None,
        media: "application/json".into(),
    };
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (name, example) = (parameter["name"].as_str().unwrap_or_default(), &parameter["example"]);
        match parameter["in"].as_str() {
            Some("path") => asked.path = asked.path.replace(&format!("{{{name}}}"), example.as_str().expect("a text")),
            Some("query") if !example.is_null() => _ = asked.query.insert(name.to_owned(), example.clone()),
            _ => {}
        }
    }
    if let Some((media, content)) = operation["requestBody"]["content"].as_object().and_then(|all| all.iter().next()) {
        asked.media.clone_from(media);
        let example = &content["example"];
        asked.body =
            Some(example.as_str().map_or_else(|| example.clone(), |line| serde_json::from_str(line).expect("a line")));
    }
    asked
}

fn pairs(name: &str, value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned).replace(' ', "+");
    let all = value.as_array().map_or_else(|| vec![text(value)], |all| all.iter().map(text).collect());
    all.into_iter().map(|value| format!("{name}={value}")).collect()
}

/// `person_id` of `personId`.
fn snake(name: &str) -> String {
    let mut told = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            told.push('_');
        }
        told.push(c.to_ascii_lowercase());
    }
    told
}
