//! The data class of every field, read once from the descriptor set, and the masking that follows from it.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, Value};

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

/// Clears every field whose class `may_read` refuses, at any depth, and gives the paths of those that held something,
/// sorted. `name` is the message's full name, such as `tally.identity.v1.Person`.
pub fn mask<M>(name: &str, message: &mut M, may_read: impl Fn(DataClass) -> bool) -> Vec<String>
where
    M: prost::Message + Default,
{
    let descriptor =
        POOL.get_message_by_name(name).unwrap_or_else(|| panic!("no message {name}: a typing error of ours"));
    let mut masked = Vec::new();
    let mut dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
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
            Value::Message(inner) => clear(inner, &here, may_read, masked),
            Value::List(items) => {
                for item in items {
                    if let Value::Message(inner) = item {
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
}
