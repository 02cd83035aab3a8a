//! When the messages of records were written, and by which side.

use jiff::{SignedDuration, Timestamp};
use tally_access::Permission;
use tally_api::attendance::v1::DutyRule;
use tally_api::common::v1 as common;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::privacy_service_client::PrivacyServiceClient;
use tally_api::performance::v1::reply_service_client::ReplyServiceClient;
use tally_rpc::RpcChannel;
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Fixture, NORTH, PeerFacts, SOUTH, account, at, import, problems, reason, record};

const T1: &str = "2026-03-02T01:00:00Z";
const T2: &str = "2026-03-02T02:00:00Z";
const BOTH: &[Permission] = &[Permission::RecordImport, Permission::RecordRead];

/// What the agent wrote at this instant, nobody says where.
fn reply(text: &str) -> pb::Reply {
    pb::Reply { at: at(text), by: pb::ReplySide::Agent.into(), device: String::new() }
}

fn of(a: u128, id: &str, replies: Vec<pb::Reply>) -> pb::RecordReplies {
    pb::RecordReplies { account_id: account(a).to_string(), external_id: id.into(), replies, recorded_at: None }
}

impl Fixture {
    fn replies(&self) -> ReplyServiceClient<RpcChannel> {
        ReplyServiceClient::new(self.channel.clone())
    }

    async fn reply_as(&self, caller: &Caller, rows: Vec<pb::RecordReplies>) -> common::ImportResult {
        let ask = pb::ImportRepliesRequest { rows, ..Default::default() };
        self.replies().import_replies(caller.request(ask)).await.unwrap().into_inner().result.unwrap()
    }

    async fn reply(&self, rows: Vec<pb::RecordReplies>) -> common::ImportResult {
        self.reply_as(&self.admin, rows).await
    }

    /// The records of an account that have messages, each with how many.
    async fn replied(&self, caller: &Caller, ask: pb::ListRepliesRequest) -> Vec<(String, usize)> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let ask = pb::ListRepliesRequest { page_size: 2, page_token, ..ask.clone() };
            let page = self.replies().list_replies(caller.request(ask)).await.unwrap().into_inner();
            assert!(page.replies.len() <= 2);
            all.extend(page.replies.into_iter().map(|row| (row.external_id, row.replies.len())));
            if page.next_page_token.is_empty() {
                return all;
            }
            page_token = page.next_page_token;
        }
    }
}

fn all(a: u128) -> pb::ListRepliesRequest {
    pb::ListRepliesRequest { account_id: account(a).to_string(), ..Default::default() }
}

fn counted(told: &[(String, usize)]) -> Vec<(&str, usize)> {
    told.iter().map(|(id, count)| (id.as_str(), *count)).collect()
}

fn stamp(at: Timestamp) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
}

on_both!(messages_that_are_there_are_left_alone_and_others_come_to_them_over_days);
async fn messages_that_are_there_are_left_alone_and_others_come_to_them_over_days(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    fixture.import(1, vec![record("a", T1), record("b", T2)]).await;
    let first = || pb::Reply { by: pb::ReplySide::Customer.into(), ..reply("2026-03-02T01:00:00.250Z") };
    let there = || vec![reply("2026-03-02T01:01:00Z"), first(), reply("2026-03-02T01:01:00Z")];
    let sent = fixture.reply(vec![of(1, "a", there())]).await;
    assert_eq!((sent.written, sent.unchanged, sent.revised), (1, 0, 0), "the export doubles a message");
    let before = fixture.callers.clock.now();
    fixture.callers.clock.advance(SignedDuration::from_mins(1));
    // The same once more, another of the next day, and the same instant at a device.
    let next = || reply("2026-03-03T00:30:00Z");
    let device = || pb::Reply { device: "till 7".into(), ..reply("2026-03-02T01:01:00Z") };
    let rows = vec![of(1, "a", there()), of(1, "a", vec![next(), device()]), of(1, "a", vec![next()])];
    let sent = fixture.reply(rows).await;
    assert_eq!((sent.written, sent.unchanged, sent.revised), (0, 2, 1));
    let ask = pb::ListRepliesRequest { external_id: "a".into(), ..all(1) };
    let page = fixture.replies().list_replies(fixture.admin.request(ask)).await.unwrap().into_inner();
    let [told] = &page.replies[..] else { panic!("one record: {page:?}") };
    assert_eq!(told.replies, [first(), reply("2026-03-02T01:01:00Z"), device(), next()]);
    assert_eq!(told.recorded_at, stamp(fixture.callers.clock.now()));
    assert!(told.recorded_at != stamp(before), "the last of them came later");
    // Before the record and after its end: it may be put right.
    let beyond = vec![reply("2026-03-01T23:00:00Z"), reply("2026-03-20T00:00:00Z")];
    assert_eq!(fixture.reply(vec![of(1, "b", beyond)]).await.written, 1);
    assert_eq!(counted(&fixture.replied(&fixture.admin, all(1)).await), [("a", 4), ("b", 2)]);
    fixture.import(1, vec![pb::Record { revision: 1, ..record("b", "2026-03-01T23:00:00Z") }]).await;
    assert_eq!(counted(&fixture.replied(&fixture.admin, all(1)).await), [("b", 2), ("a", 4)], "by their start now");
}

on_both!(a_row_that_cannot_be_is_refused_by_its_name_and_the_others_go_in);
async fn a_row_that_cannot_be_is_refused_by_its_name_and_the_others_go_in(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(2, 1)).await;
    fixture.import(1, vec![record("a", T1), record("b", T2)]).await;
    let one = || vec![reply(T1)];
    let no_side = pb::Reply { by: 0, ..reply(T1) };
    let unknown_side = pb::Reply { by: 9, ..reply(T1) };
    let no_time = pb::Reply { at: None, ..reply(T1) };
    let device = pb::Reply { device: "x".repeat(201), ..reply(T1) };
    let second = |n: i64| stamp(Timestamp::from_second(1_772_413_200 + n).unwrap());
    let many = (0..20_001).map(|n| pb::Reply { at: second(n), ..reply(T1) }).collect();
    let rows = vec![
        of(1, "never", one()),
        of(3, "a", one()),
        pb::RecordReplies { account_id: "JD/shop/a".into(), ..of(1, "a", one()) },
        of(1, "", one()),
        of(1, "a", Vec::new()),
        of(1, "a", vec![no_side]),
        of(1, "a", vec![unknown_side]),
        of(1, "a", vec![no_time]),
        of(1, "a", vec![device]),
        of(1, "a", vec![reply("1850-01-01T00:00:00Z")]),
        of(1, "a", many),
        of(1, "b", one()),
    ];
    let result = fixture.reply(rows).await;
    assert_eq!(result.written, 1, "{result:?}");
    assert_eq!(
        problems(&result),
        [
            (0, "REPLY_RECORD_UNKNOWN"),
            (1, "REPLY_RECORD_UNKNOWN"),
            (2, "REPLY_RECORD_UNKNOWN"),
            (3, "EXTERNAL_ID_MISSING"),
            (4, "REPLIES_MISSING"),
            (5, "REPLY_SIDE_MISSING"),
            (6, "REPLY_SIDE_MISSING"),
            (7, "TIME_MALFORMED"),
            (8, "TEXT_TOO_LONG"),
            (9, "RECORD_TIME_IMPLAUSIBLE"),
            (10, "REPLIES_TOO_MANY"),
        ]
    );
    assert!(result.problems[0].message.contains("import the record first"), "{:?}", result.problems[0]);
    assert_eq!(counted(&fixture.replied(&fixture.admin, all(1)).await), [("b", 1)]);
    // More than a call takes.
    let rows = vec![of(1, "a", vec![reply(T1); 50_001]); 2];
    let ask = pb::ImportRepliesRequest { rows, ..Default::default() };
    assert_eq!(reason(fixture.replies().import_replies(fixture.admin.request(ask)).await), "INVALID_REQUEST");
}

on_both!(whoever_reaches_the_record_brings_its_messages_in_and_reads_them_and_nobody_else);
async fn whoever_reaches_the_record_brings_its_messages_in_and_reads_them_and_nobody_else(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(2, 2)).await;
    fixture.import(1, vec![record("a", T1)]).await;
    fixture.import(2, vec![record("b", T1)]).await;
    let (north, south) = (fixture.of_unit(NORTH, BOTH), fixture.of_unit(SOUTH, BOTH));
    let rows = || vec![of(2, "b", vec![reply(T1)]), of(1, "a", vec![reply(T1)]), of(2, "c", vec![reply(T1)])];
    let told = fixture.reply_as(&north, rows()).await;
    assert_eq!((told.written, problems(&told)), (1, vec![(0, "REPLY_RECORD_UNKNOWN"), (2, "REPLY_RECORD_UNKNOWN")]));
    let words = |id: &str, text: &str| text.replace(id, "*");
    let [there, not_there] = [&told.problems[0].message, &told.problems[1].message];
    assert_eq!(words(" b ", there), words(" c ", not_there), "nobody learns which records there are");
    assert_eq!(fixture.reply_as(&south, rows()).await.written, 1);
    assert_eq!(counted(&fixture.replied(&north, all(1)).await), [("a", 1)]);
    assert!(fixture.replied(&north, all(2)).await.is_empty());
    let one = pb::ListRepliesRequest { external_id: "b".into(), ..all(2) };
    assert!(fixture.replied(&north, one.clone()).await.is_empty());
    assert_eq!(counted(&fixture.replied(&south, one).await), [("b", 1)]);
    let reads = fixture.of_unit(NORTH, &[Permission::RecordRead]);
    let ask = pb::ImportRepliesRequest { rows: rows(), ..Default::default() };
    assert_eq!(reason(fixture.replies().import_replies(reads.request(ask)).await), "PERMISSION_DENIED");
}

on_both!(a_stream_is_written_part_by_part_and_may_be_sent_again);
async fn a_stream_is_written_part_by_part_and_may_be_sent_again(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    fixture.import(1, vec![record("a", T1), record("b", T2), record("c", "2026-03-02T02:10:00Z")]).await;
    let part = |id: &str, rows: Vec<pb::RecordReplies>| pb::StreamRepliesRequest { request_id: id.into(), rows };
    let parts = || {
        vec![
            part("1", vec![of(1, "a", vec![reply(T1)]), of(1, "b", vec![reply(T1)])]),
            part("2", vec![of(1, "a", vec![reply(T1)]), of(1, "none", vec![reply(T1)]), of(1, "c", vec![reply(T1)])]),
            part("3", vec![of(1, "b", vec![reply(T2)])]),
        ]
    };
    for _ in 0..2 {
        let sent = fixture.admin.request(futures::stream::iter(parts()));
        let result = fixture.replies().stream_replies(sent).await.unwrap().into_inner().result.unwrap();
        assert_eq!((result.written, result.unchanged, result.revised), (3, 1, 1), "the first answer of each part");
        assert_eq!(problems(&result), [(3, "REPLY_RECORD_UNKNOWN")]);
    }
    assert_eq!(counted(&fixture.replied(&fixture.admin, all(1)).await), [("a", 1), ("b", 2), ("c", 1)]);
    let later = pb::ListRepliesRequest { from: at(T2), ..all(1) };
    assert_eq!(fixture.replied(&fixture.admin, later).await.len(), 2);
    let earlier = pb::ListRepliesRequest { to: at(T2), ..all(1) };
    assert_eq!(counted(&fixture.replied(&fixture.admin, earlier).await), [("a", 1)]);
}

on_both!(messages_go_with_their_record_to_another_account_and_out);
async fn messages_go_with_their_record_to_another_account_and_out(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(2, 2)).await;
    fixture.import(1, vec![record("a", T1)]).await;
    fixture.reply(vec![of(1, "a", vec![reply(T1)])]).await;
    let (here, there) = (import(1, Vec::new()), import(2, Vec::new()));
    let ask = pb::MoveRecordRequest {
        account_id: here.account_id,
        region: here.region,
        unit_id: here.unit_id,
        external_id: "a".into(),
        to_account_id: there.account_id.clone(),
        to_region: there.region.clone(),
        to_unit_id: there.unit_id.clone(),
        reason: "sent for the wrong shop".into(),
        ..Default::default()
    };
    fixture.records().move_record(fixture.admin.request(ask)).await.unwrap();
    assert!(fixture.replied(&fixture.admin, all(1)).await.is_empty());
    let south = fixture.of_unit(SOUTH, BOTH);
    assert_eq!(counted(&fixture.replied(&south, all(2)).await), [("a", 1)]);
    assert_eq!(problems(&fixture.reply(vec![of(1, "a", vec![reply(T2)])]).await), [(0, "REPLY_RECORD_UNKNOWN")]);
    assert_eq!(fixture.reply_as(&south, vec![of(2, "a", vec![reply(T1), reply(T2)])]).await.revised, 1);
    let ask = pb::WithdrawRecordRequest {
        account_id: there.account_id,
        region: there.region,
        unit_id: there.unit_id,
        external_id: "a".into(),
        reason: "a test dialogue".into(),
        ..Default::default()
    };
    fixture.records().withdraw_record(fixture.admin.request(ask)).await.unwrap();
    assert!(fixture.replied(&fixture.admin, all(2)).await.is_empty());
    assert_eq!(problems(&fixture.reply(vec![of(2, "a", vec![reply(T1)])]).await), [(0, "REPLY_RECORD_UNKNOWN")]);
}

on_both!(messages_that_came_since_are_a_change_of_the_cycle_that_rests_on_their_record, flavor = "multi_thread");
async fn messages_that_came_since_are_a_change_of_the_cycle_that_rests_on_their_record(on: Backend) {
    let mut told = PeerFacts::of(1, 1);
    told.on_duty(1, 1, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z");
    let mut fixture = Fixture::working(on, told).await;
    fixture.import(1, vec![record("a", T1), record("april", "2026-04-01T01:00:00Z")]).await;
    fixture.reply(vec![of(1, "a", vec![reply(T1)])]).await;
    let id = fixture.march().await;
    fixture.pass(SignedDuration::from_secs(1));
    let closed = fixture.close(&id).await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    fixture.pass(SignedDuration::from_secs(1));
    let since = stamp(fixture.callers.clock.now());
    let changed = async |fixture: &Fixture| {
        let ask = pb::ListCycleChangesRequest { cycle_id: id.clone(), ..Default::default() };
        let told = fixture.changes().list_cycle_changes(fixture.admin.request(ask)).await.unwrap().into_inner();
        told.changes.iter().map(|change| change.records).sum::<u32>()
    };
    fixture.reply(vec![of(1, "a", vec![reply(T1)]), of(1, "april", vec![reply(T1)])]).await;
    assert_eq!(changed(&fixture).await, 0, "there already, and of another month");
    fixture.pass(SignedDuration::from_secs(1));
    fixture.reply(vec![of(1, "a", vec![reply(T2)])]).await;
    assert_eq!(changed(&fixture).await, 1);
    let ask = pb::ListRecordChangesRequest { since, ..Default::default() };
    let told = fixture.records().list_record_changes(fixture.admin.request(ask)).await.unwrap().into_inner().changes;
    let told: Vec<_> = told.into_iter().map(|change| (change.what, change.touched.unwrap())).collect();
    assert_eq!(told.iter().map(|(what, _)| what.as_str()).collect::<Vec<_>>(), ["replied", "replied"]);
    assert_eq!((told[1].1.records, told[1].1.from), (1, at(T1)));
}

on_both!(messages_are_removed_with_their_record_and_what_is_gone_is_not_brought_in_again);
async fn messages_are_removed_with_their_record_and_what_is_gone_is_not_brought_in_again(on: Backend) {
    let mut fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    fixture.import(1, vec![record("a", T1)]).await;
    fixture.reply(vec![of(1, "a", vec![reply(T1)])]).await;
    let mut tables = PrivacyServiceClient::new(fixture.channel.clone());
    let ask = fixture.admin.request(common::ExportTenantRequest {});
    let mut parts = tables.export_tenant(ask).await.unwrap().into_inner();
    let mut told = String::new();
    while let Some(part) = parts.message().await.unwrap() {
        let piece = part.piece.filter(|piece| piece.table == "replies");
        told.extend(piece.map(|piece| String::from_utf8(piece.lines).unwrap()));
    }
    assert!(told.contains(r#""messages":[{"at_ms":1772413200000,"by":"agent"}]"#), "messages are opened: {told}");
    fixture.pass(SignedDuration::from_hours(24 * 1_130));
    // Of what is there still, more is taken.
    assert_eq!(fixture.reply(vec![of(1, "a", vec![reply(T2)])]).await.revised, 1);
    let ran = tables.run_retention(fixture.admin.request(common::RunRetentionRequest {})).await.unwrap().into_inner();
    let taken = |table: &str| ran.taken.iter().find(|taken| taken.table == table).map(|taken| taken.rows);
    assert_eq!((taken("records"), taken("replies")), (Some(1), Some(2)), "with the version before: {ran:?}");
    let told = fixture.reply(vec![of(1, "a", vec![reply(T1)]), of(1, "b", vec![reply("2029-04-01T00:00:00Z")])]).await;
    assert_eq!(problems(&told), [(0, "PERIOD_PURGED"), (1, "REPLY_RECORD_UNKNOWN")]);
    assert!(told.problems[0].message.contains("SetRetention"), "{:?}", told.problems[0]);
}
