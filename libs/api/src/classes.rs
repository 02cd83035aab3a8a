//! The data class of every field, read once from the descriptor set, and the masking that follows from it.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage as _, Value};

use crate::classify;
pub use crate::common::v1::DataClass;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(crate::FILE_DESCRIPTOR_SET).expect("the descriptor set was written by this crate's build")
});

static CLASSES: LazyLock<HashMap<String, i32>> =
    LazyLock::new(|| classify::classes(&POOL).expect("the build refuses a field without a class"));

/// All packages, for walks over every rpc and message.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The class of the field with this full name, such as `tally.identity.v1.Person.name`.
pub fn class_of(field: &str) -> DataClass {
    let class = CLASSES.get(field).and_then(|class| DataClass::try_from(*class).ok());
    class.unwrap_or(DataClass::Unspecified)
}

/// What a method answers with, by the method's full name, `package.Service/Method`; nothing for one that is not ours.
pub fn answer_of(method: &str) -> Option<Answer> {
    let (service, name) = method.split_once('/')?;
    let method = POOL.get_service_by_name(service)?.methods().find(|method| method.name() == name)?;
    Some(Answer { question: method.input(), message: method.output(), streams: method.is_server_streaming() })
}

/// What a method answers with.
#[derive(Clone, Debug)]
pub struct Answer {
    question: MessageDescriptor,
    message: MessageDescriptor,
    streams: bool,
}

impl Answer {
    /// Whether there may be many messages.
    pub fn streams(&self) -> bool {
        self.streams
    }

    /// Whether a question, as bytes, carries a request id: asked again, it is done once and answered the same.
    pub fn carries_request_id(&self, question: &[u8]) -> bool {
        DynamicMessage::decode(self.question.clone(), question).is_ok_and(|it| text_of(&it, "request_id").is_some())
    }

    /// The classes of all its fields, at any depth.
    pub fn classes(&self) -> BTreeSet<DataClass> {
        fields(&self.message).iter().map(|field| class_of(field.full_name())).collect()
    }

    /// Whether it tells of people: it, or the question, names one, or it holds what not everybody may read.
    pub fn tells_of_people(&self) -> bool {
        let names = |field: &FieldDescriptor| PEOPLE.contains(&field.name()) || field.name() == PRINCIPAL;
        let free = |class| matches!(class, DataClass::Public | DataClass::Internal);
        fields(&self.message).iter().any(|field| names(field) || !free(class_of(field.full_name())))
            || fields(&self.question).iter().any(names)
    }

    /// The rows of one answer that hold something of these classes; all rows when no class is named. A row that says not whom
    /// it is about is about whom the question was, as bytes, if it named one.
    ///
    /// # Errors
    /// When the bytes are not such a message.
    pub fn rows(&self, question: &[u8], bytes: &[u8], classes: &[DataClass]) -> Result<Rows, prost::DecodeError> {
        let question = DynamicMessage::decode(self.question.clone(), question)?;
        let about = Named { row: None, person: text_of(&question, PEOPLE[0]), principal: login_in(&question) };
        let message = DynamicMessage::decode(self.message.clone(), bytes)?;
        let mut rows = Rows::default();
        collect_rows(&message, &about, classes, &mut rows);
        Ok(rows)
    }

    /// What a question asks for, by the fields that everybody may read and that are not its page: `path=value`, sorted, each
    /// value cut to some length.
    ///
    /// # Errors
    /// When the bytes are not such a message.
    pub fn asked(&self, question: &[u8]) -> Result<Vec<String>, prost::DecodeError> {
        let question = DynamicMessage::decode(self.question.clone(), question)?;
        let mut asked = Vec::new();
        say(&question, "", &mut asked);
        asked.sort();
        Ok(asked)
    }
}

/// Every field of a message, at any depth.
fn fields(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let (mut all, mut seen, mut open) = (Vec::new(), BTreeSet::new(), vec![message.clone()]);
    while let Some(message) = open.pop() {
        if seen.insert(message.full_name().to_owned()) {
            for field in message.fields() {
                open.extend(field.kind().as_message().filter(|inner| is_ours(inner)).cloned());
                all.push(field);
            }
        }
    }
    all
}

/// Fields that name whom a message is about.
const PEOPLE: [&str; 3] = ["person_id", "person_ids", "manager_id"];
/// The field that names a login.
const PRINCIPAL: &str = "principal_id";
/// Fields of a question that say which part of the answer is wanted.
const PAGE: [&str; 3] = ["page_size", "page_token", "limit"];
/// Of a value that is said, so many characters.
const SAID: usize = 48;

fn text_of(message: &DynamicMessage, name: &str) -> Option<String> {
    let value = message.get_field_by_name(name)?;
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The login that a question is about, at any depth.
fn login_in(question: &DynamicMessage) -> Option<String> {
    let within = || question.fields().find_map(|(_, value)| login_in(value.as_message()?));
    text_of(question, PRINCIPAL).or_else(within)
}

fn say(message: &DynamicMessage, path: &str, into: &mut Vec<String>) {
    for (field, value) in message.fields().filter(|(field, _)| !PAGE.contains(&field.name())) {
        let here = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        if !matches!(class_of(field.full_name()), DataClass::Public | DataClass::Internal) {
            continue;
        }
        let said = match value {
            Value::Message(inner) if is_ours(&inner.descriptor()) => {
                say(inner, &here, into);
                continue;
            }
            Value::Message(instant) => match instant.get_field_by_name("seconds").and_then(|s| s.as_i64()) {
                Some(seconds) => seconds.to_string(),
                None => continue,
            },
            Value::List(items) => format!("{} of them", items.len()),
            Value::String(text) => text.chars().take(SAID).collect(),
            Value::Bool(on) => on.to_string(),
            Value::I32(n) | Value::EnumNumber(n) => n.to_string(),
            Value::I64(n) => n.to_string(),
            Value::U32(n) => n.to_string(),
            Value::U64(n) => n.to_string(),
            Value::F32(_) | Value::F64(_) | Value::Bytes(_) | Value::Map(_) => continue,
        };
        into.push(format!("{here}={said}"));
    }
}

/// What an answer gives away: the ids of rows, and of the people they tell of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The first id of each message that holds something, or of the message around it.
    pub ids: BTreeSet<String>,
    /// The `person_id` of each, where there is one.
    pub people: BTreeSet<String>,
    /// The `principal_id` of each, where there is one.
    pub principals: BTreeSet<String>,
    /// Whether something that not everybody may read stood in a row that names neither.
    pub unnamed: bool,
    /// Which classes were there.
    pub classes: BTreeSet<DataClass>,
}

/// The row and the person that a part of a message belongs to.
#[derive(Clone, Default)]
struct Named {
    row: Option<String>,
    person: Option<String>,
    principal: Option<String>,
}

fn collect_rows(message: &DynamicMessage, around: &Named, classes: &[DataClass], rows: &mut Rows) {
    let own = message.descriptor().fields().find(|field| field.name().ends_with("_id"));
    let own = own.and_then(|field| text_of(message, field.name()));
    let named = text_of(message, PEOPLE[0]);
    // Who is named as a person is not told of by the login of somebody around.
    let principal = text_of(message, PRINCIPAL).or_else(|| around.principal.clone().filter(|_| named.is_none()));
    let here =
        Named { row: own.or_else(|| around.row.clone()), person: named.or_else(|| around.person.clone()), principal };
    for (field, value) in message.fields() {
        let class = class_of(field.full_name());
        if classes.contains(&class) || (classes.is_empty() && field.kind().as_message().is_none()) {
            rows.ids.extend(here.row.clone());
            rows.people.extend(here.person.clone());
            rows.principals.extend(here.principal.clone());
            rows.classes.insert(class);
            let free = matches!(class, DataClass::Public | DataClass::Internal);
            rows.unnamed |= !free && here.person.is_none() && here.principal.is_none();
        }
        match value {
            Value::Message(inner) => collect_rows(inner, &here, classes, rows),
            Value::List(items) => {
                if classes.is_empty() && PEOPLE.contains(&field.name()) {
                    rows.people.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                items.iter().filter_map(Value::as_message).for_each(|m| collect_rows(m, &here, classes, rows))
            }
            Value::String(other) if classes.is_empty() && PEOPLE.contains(&field.name()) && !other.is_empty() => {
                rows.people.insert(other.clone());
            }
            _ => {}
        }
    }
}

/// The leaves of a message that hold something, with path and class. `name` is the message's full name. A text, number or
/// list that is not said holds nothing.
pub fn set_fields(name: &str, bytes: &[u8]) -> Vec<(String, DataClass)> {
    let message = DynamicMessage::decode(descriptor(name), bytes);
    let mut leaves = Vec::new();
    collect_leaves(&message.expect("a message of this suite decodes with its own descriptor"), "", &mut leaves);
    leaves
}

fn collect_leaves(message: &DynamicMessage, path: &str, into: &mut Vec<(String, DataClass)>) {
    for (field, value) in message.fields() {
        let here = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        match value {
            Value::Message(inner) if is_ours(&inner.descriptor()) => collect_leaves(inner, &here, into),
            Value::List(items)
                if items.iter().any(|item| item.as_message().is_some_and(|m| is_ours(&m.descriptor()))) =>
            {
                items.iter().filter_map(Value::as_message).for_each(|m| collect_leaves(m, &here, into));
            }
            _ => into.push((here, class_of(field.full_name()))),
        }
    }
}

/// Others' messages, such as an instant, have no classes inside: the field that holds them says it.
fn is_ours(message: &MessageDescriptor) -> bool {
    message.full_name().starts_with("tally.")
}

fn descriptor(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(name).unwrap_or_else(|| panic!("no message {name}: a typing error of ours"))
}

/// Clears every field whose class `may_read` refuses, at any depth, and gives the paths of those that held something,
/// sorted. `name` is the message's full name, such as `tally.identity.v1.Person`.
pub fn mask<M>(name: &str, message: &mut M, may_read: impl Fn(DataClass) -> bool) -> Vec<String>
where
    M: prost::Message + Default,
{
    let mut masked = Vec::new();
    let mut dynamic = DynamicMessage::decode(descriptor(name), message.encode_to_vec().as_slice())
        .expect("a message of this suite decodes with its own descriptor");
    clear(&mut dynamic, "", &may_read, &mut masked);
    if !masked.is_empty() {
        *message = dynamic.transcode_to().expect("the same message with fields cleared");
    }
    masked.sort();
    masked.dedup();
    masked
}

fn clear(message: &mut DynamicMessage, path: &str, may_read: &impl Fn(DataClass) -> bool, masked: &mut Vec<String>) {
    let fields: Vec<_> = message.fields().map(|(field, _)| field).collect();
    for field in fields {
        let here = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        if !may_read(class_of(field.full_name())) {
            message.clear_field(&field);
            masked.push(here);
            continue;
        }
        match message.get_field_mut(&field) {
            Value::Message(inner) if is_ours(&inner.descriptor()) => clear(inner, &here, may_read, masked),
            Value::List(items) => {
                for item in items {
                    if let Value::Message(inner) = item
                        && is_ours(&inner.descriptor())
                    {
                        clear(inner, &here, may_read, masked);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::v1::Money;
    use crate::compensation::v1::{Statement, StatementLine};

    /// The classes of the fields of one message of this content.
    fn classes_of(content: &str) -> Result<HashMap<String, i32>, String> {
        let dir = std::env::temp_dir().join(format!("tally-classes-{}-{}", std::process::id(), content.len()));
        std::fs::create_dir_all(&dir).unwrap();
        let head = "syntax = \"proto3\"; package tally.sample.v1; import \"tally/common/v1/data_class.proto\";";
        std::fs::write(dir.join("sample.proto"), format!("{head} message Sample {{ {content} }}")).unwrap();
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
        let mut compiler = protox::Compiler::new([dir.as_path(), root.as_ref()]).unwrap();
        compiler.include_imports(true).open_file("sample.proto").unwrap();
        let pool = DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap();
        std::fs::remove_dir_all(dir).unwrap();
        classify::classes(&pool)
    }

    #[test]
    fn a_field_has_its_own_class_or_that_of_its_message() {
        let default = "option (tally.common.v1.default_class) = DATA_CLASS_INTERNAL;";
        let own = "string pay = 2 [(tally.common.v1.data_class) = DATA_CLASS_SALARY];";
        let classes = classes_of(&format!("{default} string id = 1; {own}")).unwrap();
        let class = |field: &str| classes[&format!("tally.sample.v1.Sample.{field}")];
        assert_eq!((class("id"), class("pay")), (DataClass::Internal as i32, DataClass::Salary as i32));
    }

    #[test]
    fn a_field_without_a_class_in_a_message_without_one_does_not_build() {
        let fault = "fields without a data class: tally.sample.v1.Sample.id";
        let pay = "string pay = 2 [(tally.common.v1.data_class) = DATA_CLASS_SALARY];";
        assert_eq!(classes_of(&format!("string id = 1; {pay}")).unwrap_err(), fault);
        let unspecified = "string id = 1 [(tally.common.v1.data_class) = DATA_CLASS_UNSPECIFIED];";
        let default = "option (tally.common.v1.default_class) = DATA_CLASS_INTERNAL;";
        assert_eq!(classes_of(&format!("{default} {unspecified}")).unwrap_err(), fault, "it is none of the default's");
        let around = format!("{default} string name = 1; message Inner {{ string id = 1; }}");
        let fault = "fields without a data class: tally.sample.v1.Sample.Inner.id";
        assert_eq!(classes_of(&around).unwrap_err(), fault, "a message within has a default of its own");
    }

    #[test]
    fn masking_clears_at_any_depth_and_says_where() {
        let money = Money { currency: "CNY".into(), minor: 12_345 };
        let mut statement = Statement {
            statement_id: "s".into(),
            amount: Some(money.clone()),
            lines: vec![StatementLine { rule: "tiers".into(), amount: Some(money), ..Default::default() }],
            ..Default::default()
        };
        let masked = mask("tally.compensation.v1.Statement", &mut statement, |class| class != DataClass::Salary);
        assert_eq!(masked, ["amount", "lines.amount"]);
        assert_eq!(statement.amount, None);
        assert_eq!(statement.lines[0].rule, "tiers");
    }

    #[test]
    fn the_rows_of_an_answer_are_those_that_hold_something_of_the_class() {
        let answer = answer_of("tally.compensation.v1.StatementService/ListStatements").unwrap();
        assert!(answer.classes().contains(&DataClass::Salary) && !answer.streams());
        let money = Money { currency: "CNY".into(), minor: 12_345 };
        let paid = Statement {
            statement_id: "paid".into(),
            person_id: "anna".into(),
            lines: vec![StatementLine { amount: Some(money), ..Default::default() }],
            ..Default::default()
        };
        let masked = Statement { statement_id: "masked".into(), person_id: "ben".into(), ..Default::default() };
        let all =
            crate::compensation::v1::ListStatementsResponse { statements: vec![paid, masked], ..Default::default() };
        let bytes = prost::Message::encode_to_vec(&all);
        let rows = answer.rows(b"", &bytes, &[DataClass::Salary]).unwrap();
        assert_eq!(rows.ids, ["paid".to_owned()].into());
        assert_eq!(rows.people, ["anna".to_owned()].into());
        let everything = answer.rows(b"", &bytes, &[]).unwrap();
        assert_eq!(everything.ids, ["masked".to_owned(), "paid".to_owned()].into());
        assert!(answer.rows(b"", b"no message", &[]).is_err());
        assert!(answer.tells_of_people());
        let units = answer_of("tally.identity.v1.OrgService/ListOrgUnits").unwrap();
        assert!(!units.tells_of_people());
        assert!(answer_of("tally.compensation.v1.StatementService/Nothing").is_none());
    }

    #[test]
    fn a_question_says_whom_its_rows_are_about_and_what_it_asks_for_without_what_is_closed() {
        let answer = answer_of("tally.compensation.v1.StatementService/TraceStatement").unwrap();
        assert!(answer.tells_of_people(), "its question names a person");
        let question = crate::compensation::v1::TraceStatementRequest {
            settlement_id: "s".repeat(60),
            person_id: "anna".into(),
            limit: 5,
            ..Default::default()
        };
        let question = prost::Message::encode_to_vec(&question);
        let told = crate::compensation::v1::TraceStatementResponse { total_records: 9, ..Default::default() };
        let told = prost::Message::encode_to_vec(&told);
        assert_eq!(answer.rows(&question, &told, &[]).unwrap().people, ["anna".to_owned()].into());
        assert!(answer.rows(&question, b"", &[]).unwrap().people.is_empty(), "nothing was shown");
        let said = [String::from("person_id=anna"), format!("settlement_id={}", "s".repeat(48))];
        assert_eq!(answer.asked(&question).unwrap(), said);

        let person = answer_of("tally.identity.v1.PersonService/GetPerson").unwrap();
        let closed = crate::identity::v1::GetPersonRequest { id_number: "110101".into(), ..Default::default() };
        assert_eq!(person.asked(&prost::Message::encode_to_vec(&closed)).unwrap(), Vec::<String>::new());

        let punches = answer_of("tally.attendance.v1.PunchService/ListPunches").unwrap();
        let from = Some(prost_types::Timestamp { seconds: 7, nanos: 0 });
        let ask = crate::attendance::v1::ListPunchesRequest { from, page_size: 9, ..Default::default() };
        assert_eq!(punches.asked(&prost::Message::encode_to_vec(&ask)).unwrap(), ["from=7"]);
    }
}
