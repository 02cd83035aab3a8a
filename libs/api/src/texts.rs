//! Texts that no store holds: PostgreSQL refuses the character NUL in a text, so nothing of the suite takes it.

use prost_reflect::{DynamicMessage, MapKey, Value};

use crate::classes::pool;

/// The paths of the texts of a question that hold a NUL, such as `rows[3].customer`. `method` is the full name of its rpc,
/// `package.Service/Method`. Nothing of what is no such message: whoever decodes it says so.
pub fn with_nul(method: &str, question: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    // A message in which no byte is zero has no such text, and that is nearly every one.
    if question.contains(&0)
        && let Some((service, name)) = method.split_once('/')
        && let Some(service) = pool().get_service_by_name(service)
        && let Some(method) = service.methods().find(|method| method.name() == name)
        && let Ok(message) = DynamicMessage::decode(method.input(), question)
    {
        within(&message, "", &mut found);
    }
    found
}

fn within(message: &DynamicMessage, path: &str, found: &mut Vec<String>) {
    for (field, value) in message.fields() {
        let here = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        look(value, here, found);
    }
}

fn look(value: &Value, here: String, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains('\0') => found.push(here),
        Value::Message(inner) => within(inner, &here, found),
        Value::List(items) => {
            items.iter().enumerate().for_each(|(at, item)| look(item, format!("{here}[{at}]"), found))
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                if matches!(key, MapKey::String(key) if key.contains('\0')) {
                    found.push(here.clone());
                }
                look(value, here.clone(), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::identity::v1::SignInRequest;
    use crate::performance::v1::{ImportRecordsRequest, Record};

    #[test]
    fn every_text_with_a_nul_is_named_at_any_depth_and_nothing_else() {
        let record = |customer: &str| Record { customer: customer.into(), ..Default::default() };
        let ask = ImportRecordsRequest {
            account_id: "\0".into(),
            rows: vec![record("c"), record("a\0b")],
            ..Default::default()
        };
        let method = "tally.performance.v1.RecordService/ImportRecords";
        assert_eq!(with_nul(method, &ask.encode_to_vec()), ["account_id", "rows[1].customer"]);

        // A rating of nothing is a zero byte in the middle of the message.
        let unrated = Record { rating_milli: Some(0), ..record("c") };
        let plain = ImportRecordsRequest { rows: vec![unrated], ..Default::default() };
        assert!(plain.encode_to_vec().contains(&0));
        assert!(with_nul(method, &plain.encode_to_vec()).is_empty());

        let sign_in = SignInRequest { client: "\0".into(), ..Default::default() };
        assert_eq!(with_nul("tally.identity.v1.SessionService/SignIn", &sign_in.encode_to_vec()), ["client"]);
        assert!(with_nul(method, b"\0").is_empty(), "what is no message is none of this");
    }
}
