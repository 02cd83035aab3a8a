//! What holds for every event of the suite, and that `docs/events.md` lists them all.

use std::fmt::Write as _;

use prost_reflect::{Cardinality, Kind, MessageDescriptor};
use tally_api::classes::{DataClass, class_of};
use tally_api::common::v1::EventOptions;
use tally_api::events::{EventMessage, all, from_json, to_json};
use tally_api::identity::v1::{BreakGlassEnded, BreakGlassOpened, PersonErased, TenantDeleted};
use tally_api::performance::v1::{CyclePublished, RungCount};

fn options(event: &MessageDescriptor) -> EventOptions {
    let option = event.parent_pool().get_extension_by_name("tally.common.v1.event").unwrap();
    event.options().get_extension(&option).as_message().unwrap().transcode_to().unwrap()
}

/// The comment above a message, on one line.
fn comment(event: &MessageDescriptor) -> String {
    let file = event.parent_file();
    let info = file.file_descriptor_proto().source_code_info.as_ref().unwrap();
    let location = info.location.iter().find(|location| location.path == event.path()).unwrap();
    location.leading_comments().trim().replace('\n', " ").replace("  ", " ")
}

/// The list in `docs/events.md`: a section for each event.
fn list() -> String {
    let mut text = String::new();
    for event in all() {
        let options = options(&event);
        writeln!(text, "### `{}`\n\n{}\n", event.full_name(), comment(&event)).unwrap();
        let fields: Vec<_> = event.fields().map(|field| format!("`{}`", field.name())).collect();
        writeln!(text, "Key: `{}`. Fields: {}.", options.key, fields.join(", ")).unwrap();
        let formerly: Vec<_> = options.formerly.iter().map(|kind| format!("`{kind}`")).collect();
        if !formerly.is_empty() {
            writeln!(text, "Kind of rows from before this contract: {}.", formerly.join(", ")).unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_docs_list_every_event() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (head, listed) = page.split_once("## The events\n\n").expect("a section with the list");
    let list = list();
    if std::env::var("TALLY_UPDATE_SNAPSHOTS").is_ok_and(|v| v == "1") {
        std::fs::write(path, format!("{head}## The events\n\n{}\n", list.trim_end())).unwrap();
        return;
    }
    assert_eq!(listed.trim_end(), list.trim_end(), "run it again with TALLY_UPDATE_SNAPSHOTS=1 and read the change");
}

#[test]
fn an_event_is_named_for_what_happened_and_has_a_key() {
    for event in all() {
        let name = event.full_name();
        assert!(event.parent_file().name().ends_with("/events.proto"), "{name}: events stand together");
        let key =
            event.get_field_by_name(&options(&event).key).unwrap_or_else(|| panic!("{name}: no field of its key"));
        assert!(matches!(key.kind(), Kind::String) && key.cardinality() != Cardinality::Repeated, "{name}");
    }
}

/// Everybody may read who may read events at all, in every service and for ever.
#[test]
fn no_event_holds_what_not_everybody_may_read() {
    let mut open = all();
    let mut looked = 0;
    while let Some(message) = open.pop() {
        for field in message.fields() {
            let class = class_of(field.full_name());
            assert!(matches!(class, DataClass::Public | DataClass::Internal), "{}", field.full_name());
            open.extend(field.kind().as_message().filter(|m| m.full_name().starts_with("tally.")).cloned());
            looked += 1;
        }
    }
    assert!(looked > 10, "{looked} fields");
}

#[test]
fn an_event_is_stored_so_that_it_can_be_read_without_this_program_and_comes_back_the_same() {
    let event = CyclePublished {
        cycle_id: "c".into(),
        from: "2026-03-01".into(),
        records: 20_000,
        rung_counts: vec![RungCount { rung: "tag".into(), records: 4_000 }],
        ..Default::default()
    };
    assert_eq!((event.key(), CyclePublished::KIND), ("c", "tally.performance.v1.CyclePublished"));
    let json = to_json(&event).unwrap();
    for part in ["\"cycle_id\":\"c\"", "\"records\":20000", "\"credited\":0", "{\"rung\":\"tag\",\"records\":4000}"] {
        assert!(json.contains(part), "{part} is not in {json}");
    }
    assert_eq!(from_json::<CyclePublished>(CyclePublished::KIND, &json).unwrap(), Some(event));
    assert_eq!(from_json::<PersonErased>(CyclePublished::KIND, &json).unwrap(), None, "another kind's");
    let later = json.replacen('{', "{\"of_a_later_version\":1,", 1);
    assert!(from_json::<CyclePublished>(CyclePublished::KIND, &later).unwrap().is_some());
    assert!(from_json::<CyclePublished>(CyclePublished::KIND, "{\"cycle_id\":7}").is_err());
}

/// As the rows were written before the messages were the contract: the logs are chained, so nobody rewrites them.
#[test]
fn rows_from_before_are_still_read() {
    fn read<M: EventMessage>(kind: &str, payload: &str) -> M {
        from_json(kind, payload).unwrap().unwrap_or_else(|| panic!("{kind} is not {}", M::KIND))
    }
    let erased = read::<PersonErased>("identity.person.erased", r#"{"erasure_id":"e","person_id":"p"}"#);
    assert_eq!(erased, PersonErased { erasure_id: "e".into(), person_id: "p".into() });
    assert_eq!(read::<TenantDeleted>("identity.tenant.deleted", "null"), TenantDeleted::default());
    let glass = r#"{"break_glass_id":"b","principal_id":"p","permissions":["person.read"],"scope":"region","scope_ref":"cn",
        "until":"2026-03-02T09:00:00.5Z"}"#;
    let opened = read::<BreakGlassOpened>("identity.break_glass.opened", glass);
    assert_eq!((opened.permissions, opened.scope_ref.as_str()), (vec!["person.read".to_owned()], "cn"));
    let until = Some(prost_types::Timestamp { seconds: 1_772_442_000, nanos: 500_000_000 });
    assert_eq!(opened.until, until);
    assert_eq!(read::<BreakGlassEnded>("identity.break_glass.ended", glass).until, until);
    let published = r#"{"cycle_id":"c","name":"March","from":"2026-03-01","to":"2026-03-31","scheme_id":"s",
        "scheme_version":1,"policy_version":"1","records":20000,"credited":19800,"unattributed":200,"people":60,
        "rungs":{"tag":4000,"team":100},"digest":"ab"}"#;
    let published = read::<CyclePublished>("cycle.published", published);
    assert_eq!((published.cycle_id.as_str(), published.records, published.people), ("c", 20_000, 60));
}
