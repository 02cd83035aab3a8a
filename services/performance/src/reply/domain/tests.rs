use proptest::prelude::*;
use tally_access::Region;

use super::packed::Malformed;
use super::*;

const AT: i64 = 1_772_416_800_000;

fn reply(at_ms: i64, by: Side, device: &str) -> Reply {
    Reply { at_ms: AT + at_ms, by, device: device.to_owned() }
}

fn row(id: &str, replies: Vec<Reply>) -> Row {
    Row { key: (AccountId(Uuid::nil()), id.to_owned()), replies }
}

fn place(n: u128) -> Place {
    let key = (AccountId(Uuid::nil()), format!("r{n}"));
    Place { record: Uuid::from_u128(n), key, region: Region::global(), unit: None, started_ms: AT }
}

/// Messages as they may lie about: times of any sign, few devices.
fn replies() -> impl Strategy<Value = Vec<Reply>> {
    let side = prop_oneof![Just(Side::Agent), Just(Side::Customer)];
    let at = prop_oneof![any::<i64>(), 0..2_000_i64, AT..AT + 100_000];
    let device = prop_oneof![Just(String::new()), "[a-c]{1,2}", "\\PC{0,20}"];
    let one = (at, side, device).prop_map(|(at_ms, by, device)| Reply { at_ms, by, device });
    prop::collection::vec(one, 0..40).prop_map(|sent| union(Vec::new(), sent))
}

proptest! {
    #[test]
    fn what_was_packed_is_read_as_it_was(replies in replies()) {
        let bytes = pack(&replies);
        prop_assert_eq!(unpack(&bytes).unwrap().all(), Ok(replies));
    }

    #[test]
    fn bytes_that_are_cut_are_no_messages(replies in replies(), at in any::<prop::sample::Index>()) {
        let bytes = pack(&replies);
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert_eq!(unpack(cut).and_then(Messages::all), Err(Malformed));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(messages) = unpack(&bytes) {
            prop_assert!(messages.count() <= bytes.len());
        }
    }

    #[test]
    fn a_union_has_every_message_once_whatever_the_order_they_come_in(a in replies(), b in replies()) {
        let both = union(a.clone(), b.clone());
        prop_assert_eq!(&both, &union(b.clone(), a.clone()));
        prop_assert!(both.is_sorted() && both.windows(2).all(|two| two[0] != two[1]));
        prop_assert!(a.iter().chain(&b).all(|reply| both.contains(reply)));
        prop_assert!(both.iter().all(|reply| a.contains(reply) || b.contains(reply)));
        prop_assert_eq!(&both, &union(both.clone(), a));
    }
}

#[test]
fn a_message_takes_a_few_bytes() {
    let replies: Vec<Reply> = (0..100).map(|n| reply(n * 61_000, Side::Agent, "till 7")).collect();
    assert!(pack(&replies).len() < 420, "{}", pack(&replies).len());
    assert_eq!(unpack(&[2, 0, 0]).err(), Some(Malformed), "another form");
    assert_eq!(unpack(&[1, 0, 1, 0, 2]).unwrap().all(), Err(Malformed), "a device that has no name");
    assert_eq!(unpack(&[1, 0, 0xff]).err(), Some(Malformed));
}

#[test]
fn what_no_record_can_have_is_refused_with_its_name() {
    let reason = |row: Row| row.check().unwrap_err().reason();
    let one = |device: &str| vec![reply(0, Side::Agent, device)];
    assert_eq!(reason(row("", one(""))), "EXTERNAL_ID_MISSING");
    assert_eq!(reason(row(&"x".repeat(201), one(""))), "TEXT_TOO_LONG");
    assert_eq!(reason(row("r", one(&"x".repeat(201)))), "TEXT_TOO_LONG");
    assert!(row("r", one(&"台".repeat(200))).check().is_ok(), "characters are counted, not bytes");
    assert_eq!(reason(row("r", one("a\u{200b}b"))), "ID_WITH_UNSEEN");
    assert_eq!(reason(row("r", Vec::new())), "REPLIES_MISSING");
    let early = Reply { at_ms: -5_000_000_000_000, by: Side::Agent, device: String::new() };
    assert_eq!(reason(row("r", vec![early])), "RECORD_TIME_IMPLAUSIBLE");
    let many = |count| (0..count).map(|n| reply(n, Side::Customer, "")).collect();
    assert_eq!(row("r", many(20_000)).check().map(|row| row.replies.len()), Ok(limits::REPLIES_PER_RECORD));
    assert_eq!(reason(row("r", many(20_001))), "REPLIES_TOO_MANY");
    let twice = vec![reply(5, Side::Agent, ""), reply(1, Side::Agent, ""), reply(5, Side::Agent, "")];
    let sent = row("r", twice).check().unwrap();
    assert_eq!(sent.replies, [reply(1, Side::Agent, ""), reply(5, Side::Agent, "")]);
    assert_eq!(sent.first_ms(), Some(AT + 1));
}

#[test]
fn messages_that_are_there_are_left_alone_and_others_come_to_them() {
    let a = || reply(0, Side::Customer, "");
    let (b, c) = (|| reply(1, Side::Agent, ""), || reply(1, Side::Agent, "till 7"));
    let stored = BTreeMap::from([(Uuid::from_u128(2), Stored { ordinal: 3, replies: vec![a(), b()] })]);
    let rows = vec![
        (0, place(1), row("r1", vec![a()])),
        (1, place(2), row("r2", vec![a(), b()])),
        (2, place(2), row("r2", vec![b(), c()])),
        (4, place(1), row("r1", vec![b()])),
        (5, place(2), row("r2", vec![c()])),
    ];
    let mut outcome = ImportOutcome::default();
    let changes = extend(rows, stored, &mut outcome);
    assert_eq!((outcome.written, outcome.revised, outcome.unchanged, outcome.problems.len()), (1, 2, 2, 0));
    let told: Vec<_> = changes.into_iter().map(|change| (change.place, change.was, change.replies)).collect();
    assert_eq!(told, [(place(1), None, vec![a(), b()]), (place(2), Some(3), vec![a(), b(), c()])]);
}

#[test]
fn a_record_with_too_many_messages_keeps_those_that_it_has() {
    let there = (0..19_999).map(|n| reply(n, Side::Agent, "")).collect();
    let stored = BTreeMap::from([(Uuid::from_u128(1), Stored { ordinal: 1, replies: there })]);
    let more = |from| vec![reply(from, Side::Customer, ""), reply(from + 1, Side::Customer, "")];
    let rows = vec![(7, place(1), row("r1", more(0))), (8, place(1), row("r1", vec![reply(0, Side::Customer, "")]))];
    let mut outcome = ImportOutcome::default();
    let changes = extend(rows, stored, &mut outcome);
    assert_eq!((outcome.revised, changes[0].replies.len()), (1, limits::REPLIES_PER_RECORD));
    assert_eq!(outcome.problems[0].reason, "REPLIES_TOO_MANY");
}
