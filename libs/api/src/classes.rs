//! The data class of every field, read once from the descriptor set, and the masking that follows from it.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage as _, Value};

pub use crate::common::v1::DataClass;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(crate::FILE_DESCRIPTOR_SET).expect("the descriptor set was written by this crate's build")
});

static CLASSES: LazyLock<HashMap<String, DataClass>> = LazyLock::new(|| {
    let option = POOL.get_extension_by_name("tally.common.v1.data_class").expect("the build checks for it");
    let class = |value: &Value| value.as_enum_number().and_then(|n| DataClass::try_from(n).ok());
    POOL.all_messages()
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter_map(|f| Some((f.full_name().to_owned(), class(f.options().get_extension(&option).as_ref())?)))
        .collect()
});

/// All packages, for walks over every rpc and message.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The class of the field with this full name, such as `tally.identity.v1.Person.name`.
pub fn class_of(field: &str) -> DataClass {
    CLASSES.get(field).copied().unwrap_or(DataClass::Unspecified)
}

/// What a method answers with, by the method's full name, `package.Service/Method`; nothing for one that is not ours.
pub fn answer_of(method: &str) -> Option<Answer> {
    let (service, name) = method.split_once('/')?;
    let method = POOL.get_service_by_name(service)?.methods().find(|method| method.name() == name)?;
    Some(Answer { message: method.output(), streams: method.is_server_streaming() })
}

/// What a method answers with.
#[derive(Clone, Debug)]
pub struct Answer {
    message: MessageDescriptor,
    streams: bool,
}

impl Answer {
    /// Whether there may be many messages.
    pub fn streams(&self) -> bool {
        self.streams
    }

    /// The classes of all its fields, at any depth.
    pub fn classes(&self) -> BTreeSet<DataClass> {
        let (mut classes, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![self.message.clone()]);
        while let Some(message) = open.pop() {
            if !seen.insert(message.full_name().to_owned()) {
                continue;
            }
            for field in message.fields() {
                classes.insert(class_of(field.full_name()));
                open.extend(field.kind().as_message().filter(|inner| is_ours(inner)).cloned());
            }
        }
        classes
    }

    /// The rows of one answer that hold something of these classes; all rows when no class is named.
    ///
    /// # Errors
    /// When the bytes are not such a message.
    pub fn rows(&self, bytes: &[u8], classes: &[DataClass]) -> Result<Rows, prost::DecodeError> {
        let message = DynamicMessage::decode(self.message.clone(), bytes)?;
        let mut rows = Rows::default();
        gather(&message, &Named::default(), classes, &mut rows);
        Ok(rows)
    }
}

/// What an answer gives away: the ids of rows, and of the people they tell of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The first id of each message that holds something, or of the message around it.
    pub ids: BTreeSet<String>,
    /// The `person_id` of each, where there is one.
    pub people: BTreeSet<String>,
    /// Which classes were there.
    pub classes: BTreeSet<DataClass>,
}

/// The row and the person that a part of a message belongs to.
#[derive(Clone, Default)]
struct Named {
    row: Option<String>,
    person: Option<String>,
}

fn gather(message: &DynamicMessage, around: &Named, classes: &[DataClass], rows: &mut Rows) {
    let text = |name: &str| message.get_field_by_name(name).and_then(|value| Some(value.as_str()?.to_owned()));
    let text = |name: &str| text(name).filter(|text| !text.is_empty());
    let own = message.descriptor().fields().find(|field| field.name().ends_with("_id"));
    let own = own.and_then(|field| text(field.name()));
    let here =
        Named { row: own.or_else(|| around.row.clone()), person: text("person_id").or_else(|| around.person.clone()) };
    for (field, value) in message.fields() {
        let class = class_of(field.full_name());
        if classes.contains(&class) || (classes.is_empty() && field.kind().as_message().is_none()) {
            rows.ids.extend(here.row.clone());
            rows.people.extend(here.person.clone());
            rows.classes.insert(class);
        }
        match value {
            Value::Message(inner) => gather(inner, &here, classes, rows),
            Value::List(items) => {
                items.iter().filter_map(Value::as_message).for_each(|m| gather(m, &here, classes, rows))
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

    #[test]
    fn every_field_of_the_suite_has_a_class() {
        let open: Vec<_> = POOL
            .all_messages()
            .filter(|m| m.full_name().starts_with("tally."))
            .flat_map(|m| m.fields().collect::<Vec<_>>())
            .filter(|f| class_of(f.full_name()) == DataClass::Unspecified)
            .map(|f| f.full_name().to_owned())
            .collect();
        assert!(open.is_empty(), "{open:?}");
        assert_eq!(class_of("tally.identity.v1.Person.name"), DataClass::Pii);
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
        let rows = answer.rows(&bytes, &[DataClass::Salary]).unwrap();
        assert_eq!(rows.ids, ["paid".to_owned()].into());
        assert_eq!(rows.people, ["anna".to_owned()].into());
        let everything = answer.rows(&bytes, &[]).unwrap();
        assert_eq!(everything.ids, ["masked".to_owned(), "paid".to_owned()].into());
        assert!(answer.rows(b"no message", &[]).is_err());
        assert!(answer_of("tally.compensation.v1.StatementService/Nothing").is_none());
    }
}
