//! Requests and answers as JSON, in the mapping that proto itself defines.

use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor};

use crate::classes::pool;

/// A request of an rpc as JSON.
///
/// # Errors
/// A sentence for the log: there is no such rpc, or it takes another message.
pub fn request(service: &str, method: &str, message: &impl Message) -> Result<String, String> {
    write(&rpc(service, method)?.input(), message)
}

/// An answer of an rpc as JSON.
///
/// # Errors
/// As [`request`].
pub fn answer(service: &str, method: &str, message: &impl Message) -> Result<String, String> {
    write(&rpc(service, method)?.output(), message)
}

/// A request of an rpc from JSON.
///
/// # Errors
/// A sentence for the log: there is no such rpc, or this is no request of it.
pub fn read_request<M: Message + Default>(service: &str, method: &str, json: &str) -> Result<M, String> {
    let mut from = serde_json::Deserializer::from_str(json);
    let read = DynamicMessage::deserialize(rpc(service, method)?.input(), &mut from).map_err(|e| e.to_string())?;
    from.end().map_err(|e| e.to_string())?;
    read.transcode_to().map_err(|e| e.to_string())
}

fn rpc(service: &str, method: &str) -> Result<MethodDescriptor, String> {
    let found = pool().get_service_by_name(service);
    let found = found.and_then(|service| service.methods().find(|one| one.name() == method));
    found.ok_or_else(|| format!("no rpc {service}/{method}"))
}

fn write(as_a: &MessageDescriptor, message: &impl Message) -> Result<String, String> {
    let read = DynamicMessage::decode(as_a.clone(), message.encode_to_vec().as_slice()).map_err(|e| e.to_string())?;
    serde_json::to_string(&read).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use crate::attendance::v1 as att;

    const SERVICE: &str = "tally.attendance.v1.CorrectionService";

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let asked = att::CorrectPunchRequest {
            action: att::CorrectionAction::Add.into(),
            person_id: "p".into(),
            at: Some(prost_types::Timestamp { seconds: 1_772_442_000, nanos: 0 }),
            kind: att::PunchKind::Out.into(),
            ..Default::default()
        };
        let json = super::request(SERVICE, "CorrectPunch", &asked).unwrap();
        let expected =
            r#"{"action":"CORRECTION_ACTION_ADD","personId":"p","at":"2026-03-02T09:00:00Z","kind":"PUNCH_KIND_OUT"}"#;
        assert_eq!(json, expected);
        assert_eq!(super::read_request::<att::CorrectPunchRequest>(SERVICE, "CorrectPunch", &json).unwrap(), asked);
        assert!(super::request(SERVICE, "Nothing", &asked).is_err());
        for wrong in ["", "{}{}", r#"{"nothing":1}"#] {
            assert!(
                super::read_request::<att::CorrectPunchRequest>(SERVICE, "CorrectPunch", wrong).is_err(),
                "{wrong}"
            );
        }
    }
}
