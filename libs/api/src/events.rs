//! Events as contracts: messages that say with `(tally.common.v1.event)` which field is their key. What is stored and sent is
//! JSON with the field names of the contract, so that it can be read without this program; the full name of the message is
//! the kind, and its package the version.

use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};

use crate::classes::pool;

/// A message that is an event.
pub trait EventMessage: prost::Message + Default {
    /// Its full name, such as `tally.performance.v1.CyclePublished`.
    const KIND: &'static str;
    /// The kinds of rows that were written before the message was the contract.
    const FORMERLY: &'static [&'static str];

    /// What it is about.
    fn key(&self) -> &str;
}

/// The event as it is stored.
///
/// # Errors
/// When a value has no JSON, such as an instant after the year 9999.
pub fn to_json<M: EventMessage>(event: &M) -> Result<String, serde_json::Error> {
    let bytes = event.encode_to_vec();
    let message = DynamicMessage::decode(descriptor::<M>(), bytes.as_slice());
    let message = message.expect("a message of this suite decodes with its own descriptor");
    let options = SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
    let mut text = Vec::new();
    message.serialize_with_options(&mut serde_json::Serializer::new(&mut text), &options.skip_default_fields(false))?;
    Ok(String::from_utf8(text).expect("JSON is text"))
}

/// The event of this kind and content; nothing when it is another kind's. Fields that this version does not know are left
/// out.
///
/// # Errors
/// When the content is no such event.
pub fn from_json<M: EventMessage>(kind: &str, payload: &str) -> Result<Option<M>, serde_json::Error> {
    if kind != M::KIND && !M::FORMERLY.contains(&kind) {
        return Ok(None);
    }
    // An event without content was once written so.
    let payload = if payload == "null" { "{}" } else { payload };
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let mut json = serde_json::Deserializer::from_str(payload);
    let message = DynamicMessage::deserialize_with_options(descriptor::<M>(), &mut json, &options)?;
    json.end()?;
    Ok(Some(message.transcode_to().expect("the same message")))
}

fn descriptor<M: EventMessage>() -> MessageDescriptor {
    pool().get_message_by_name(M::KIND).expect("the build writes the names of messages that there are")
}

/// Every event of the suite, by name.
pub fn all() -> Vec<MessageDescriptor> {
    let mut events = events_of(pool());
    events.sort_by(|one, other| one.full_name().cmp(other.full_name()));
    events
}

fn events_of(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    let option = pool.get_extension_by_name("tally.common.v1.event").expect("the build asks for it");
    pool.all_messages().filter(|message| message.options().has_extension(&option)).collect()
}
