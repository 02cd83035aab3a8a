//! Where records were served, and their messages written.

use jiff::{SignedDuration, Timestamp};
use tally_api::attendance::v1::{self as att, DutyRule};
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::reply_service_client::ReplyServiceClient;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Fixture, PeerFacts, account, at, person, problems, record};

const MARCH: (&str, &str) = ("2026-02-28T16:00:00Z", "2026-03-31T16:00:00Z");
/// All on duty then are rostered.
const DAY: (&str, &str) = ("2026-03-02T00:00:00Z", "2026-03-02T12:00:00Z");
const NOON: &str = "2026-03-02T05:00:00Z";

impl PeerFacts {
    /// Puts a person at a device.
    fn at_device(&mut self, device: &str, p: u128, start: &str, end: &str) {
        let (device, person_id, seat) = (device.to_owned(), person(p).to_string(), String::new());
        self.devices.push(att::DeviceUse { device, person_id, start: at(start), end: at(end), seat });
    }

    /// Says of a device that it is of a seat until a day, or of one that is used whose it is.
    fn bound(&mut self, device: &str, seat: &str, to: &str) {
        let (device, seat, to) = (device.to_owned(), seat.to_owned(), to.to_owned());
        self.bindings.push(att::Device { device, seat, to, ..Default::default() });
    }
}

/// Two people on duty for an account with several dialogues at once, one who is on another day, and one who never is.
fn told() -> PeerFacts {
    let mut told = PeerFacts::of(4, 1);
    told.accounts[0].phases[0].capacity = 4;
    for n in [1, 2] {
        told.on_duty(1, n, DutyRule::Roster, DAY.0, DAY.1);
        told.at_device(&format!("PC-{n}"), n, MARCH.0, MARCH.1);
        told.at_device("till", n, MARCH.0, MARCH.1);
    }
    told.on_duty(1, 4, DutyRule::Roster, "2026-03-03T00:00:00Z", "2026-03-03T09:00:00Z");
    told.at_device("PC-4", 4, MARCH.0, MARCH.1);
    told.at_device("PC-3", 3, MARCH.0, MARCH.1);
    // A seat is of whoever is rostered on it.
    told.at_device("seat 7", 1, "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z");
    told.at_device("seat 7", 2, "2026-03-02T06:00:00Z", "2026-03-02T12:00:00Z");
    told
}

fn on(device: &str, id: &str, start: &str) -> pb::Record {
    pb::Record { device: device.into(), ..record(id, start) }
}

fn run(version: &str) -> pb::AttributionRun {
    let policy = pb::AttributionPolicy { version: version.into(), ..Default::default() };
    pb::AttributionRun { policy: Some(policy), ..Default::default() }
}

/// The credits of a run by the ids of their records: the rung, and who has most of it in millionths.
async fn credits(fixture: &Fixture, run: &pb::AttributionRun) -> Vec<(String, pb::Rung, String, u32)> {
    let attribution_run_id = run.attribution_run_id.clone();
    let ask = pb::ExportCreditsRequest { attribution_run_id, ..Default::default() };
    let mut told = Vec::new();
    for credit in fixture.credits_of(&fixture.admin, ask).await {
        let most = credit.shares.iter().max_by_key(|share| share.ppm).cloned().unwrap_or_default();
        told.push((credit.external_id.clone(), credit.rung(), most.person_id, most.ppm));
    }
    told.sort();
    told
}

async fn found(fixture: &Fixture, run: &pb::AttributionRun) -> Vec<(String, String)> {
    let attribution_run_id = run.attribution_run_id.clone();
    let ask = pb::ListFindingsRequest { attribution_run_id, page_size: 100, ..Default::default() };
    let found = fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner().findings;
    let devices =
        found.into_iter().filter(|found| found.kind.starts_with("DEVICE") || found.kind == "EVIDENCE_NOT_READ");
    devices.map(|found| (found.kind, found.detail)).collect()
}

async fn explained(fixture: &Fixture, run: &pb::AttributionRun, id: &str) -> String {
    let ask = pb::ExplainRecordRequest {
        attribution_run_id: run.attribution_run_id.clone(),
        account_id: account(1).to_string(),
        external_id: id.into(),
        ..Default::default()
    };
    fixture.attribution().explain_record(fixture.admin.request(ask)).await.unwrap().into_inner().lines.join(" ")
}

on_both!(a_record_is_of_whoever_had_its_device_and_was_on_duty, flavor = "multi_thread");
async fn a_record_is_of_whoever_had_its_device_and_was_on_duty(on_backend: Backend) {
    let fixture = Fixture::working(on_backend, told()).await;
    let rows = vec![
        on("PC-1", "a", NOON),
        on("PC-2", "b", NOON),
        on("till", "c", NOON),
        on("PC-3", "d", NOON),
        on("PC-4", "e", NOON),
        on("nobody's", "f", NOON),
        on("", "g", NOON),
        on("seat 7", "h", NOON),
        on("seat 7", "i", "2026-03-02T07:00:00Z"),
        pb::Record { agent: "E0002".into(), ..on("PC-1", "j", NOON) },
    ];
    assert_eq!(fixture.import(1, rows).await.written, 10);
    let done = fixture.attribute(run("")).await;
    let told = credits(&fixture, &done).await;
    let by_device: Vec<_> = told.iter().filter(|(_, rung, ..)| *rung == pb::Rung::Device).collect();
    let of = |id: &str, n: u128| (id.to_owned(), pb::Rung::Device, person(n).to_string(), 1_000_000);
    assert_eq!(by_device, [&of("a", 1), &of("b", 2), &of("h", 1), &of("i", 2)], "{told:?}");
    assert!(told.iter().any(|(id, rung, ..)| id == "j" && *rung == pb::Rung::Tag), "a name stands before: {told:?}");
    let rungs = done.summary.as_ref().unwrap().rungs.iter().find(|rung| rung.rung == "device").map(|rung| rung.records);
    assert_eq!(rungs, Some(4));
    let odd = found(&fixture, &done).await;
    let told = |kind: &str| {
        let of_kind = odd.iter().filter(|(k, _)| k == kind).map(|(_, detail)| detail.as_str());
        let mut told: Vec<_> = of_kind.collect();
        told.sort_unstable();
        told
    };
    let several = "the device till is E0001's and E0002's at once, and was used once: it does not count";
    assert_eq!(told("DEVICE_OF_SEVERAL"), [several]);
    let off_duty = [
        "the device PC-3 of somebody who was never on duty here was used once: it does not count",
        "the device PC-4 of E0004, who was not on duty then, was used once: it does not count",
    ];
    assert_eq!((told("DEVICE_OFF_DUTY"), odd.len()), (off_duty.to_vec(), 3), "{odd:?}");
    let lines = explained(&fixture, &done, "a").await;
    assert!(lines.contains("PC-1") && lines.contains("E0001 100 %"), "{lines}");
    // Under the rules before it says nothing.
    let before = fixture.attribute(run("2")).await;
    assert!(credits(&fixture, &before).await.iter().all(|(_, rung, ..)| *rung != pb::Rung::Device));
    let [(kind, detail)] = &found(&fixture, &before).await[..] else { panic!("one finding") };
    let (version, rest) = detail.split_once(": ").unwrap();
    assert_eq!((kind.as_str(), version.contains("version 2 of the policy")), ("EVIDENCE_NOT_READ", true), "{detail}");
    assert_eq!(rest, "claims, 0; records with times of messages, 0; devices that records or messages name, 7");
}

on_both!(a_device_that_was_nobodys_is_told_with_how_it_may_be_put_right, flavor = "multi_thread");
async fn a_device_that_was_nobodys_is_told_with_how_it_may_be_put_right(on_backend: Backend) {
    let mut told = told();
    told.bound("PC-1", "", "");
    told.bound("PC-12", "", "");
    told.bound("old", "", "2026-02-10");
    told.bound("seat 7", "A7", "");
    told.bound("seat 8", "A8", "");
    let fixture = Fixture::working(on_backend, told).await;
    let rows = vec![
        on("PC-1", "a", NOON),
        on("PC12", "b", NOON),
        on("PC12", "c", NOON),
        on("old", "d", NOON),
        on("seat 8", "e", NOON),
        on("seat 7", "f", NOON),
        on("nobody's", "g", NOON),
    ];
    fixture.import(1, rows).await;
    let done = fixture.attribute(run("")).await;
    let mut told = found(&fixture, &done).await;
    told.sort();
    let of = |detail: &str| ("DEVICE_OF_NOBODY".to_owned(), detail.to_owned());
    let expected = [
        of(
            "the device PC12, which is bound to nobody, was used 2 times, and PC-12, which is bound, never: is that the one meant?",
        ),
        of("the device nobody's, which is bound to nobody, was used once: that tells only what the same hands wrote"),
        of("the device old was used once after 2026-02-10, the last day of its binding: it was nobody's then"),
        of(
            "the device seat 8 of the seat A8 was used once while nobody was rostered on that seat: it was nobody's then",
        ),
    ];
    assert_eq!(told, expected);
}

on_both!(a_device_is_content_that_versions_keep_and_refusals_name);
async fn a_device_is_content_that_versions_keep_and_refusals_name(on_backend: Backend) {
    let fixture = Fixture::working(on_backend, told()).await;
    fixture.import(1, vec![on("", "a", NOON), on("PC-2", "b", NOON)]).await;
    let wrong = vec![on(&"x".repeat(201), "c", NOON), on("PC\u{200b}1", "d", NOON), on("PC-1", "b", NOON)];
    let refused = fixture.import(1, wrong).await;
    let expected = [(0, "TEXT_TOO_LONG"), (1, "ID_WITH_UNSEEN"), (2, "DIFFERENT_CONTENT")];
    assert_eq!(problems(&refused), expected);
    let put_right = pb::Record { revision: 1, ..on("PC-1", "a", NOON) };
    assert_eq!(fixture.import(1, vec![put_right.clone()]).await.revised, 1);
    assert_eq!(fixture.import(1, vec![put_right]).await.unchanged, 1);
    let ask = pb::ListRecordVersionsRequest {
        account_id: account(1).to_string(),
        external_id: "a".into(),
        ..Default::default()
    };
    let versions =
        fixture.records().list_record_versions(fixture.admin.request(ask)).await.unwrap().into_inner().versions;
    let devices: Vec<_> = versions.iter().map(|version| version.record.as_ref().unwrap().device.as_str()).collect();
    assert_eq!(devices, ["PC-1", ""]);
    let ask = pb::ListRecordsRequest { account_id: account(1).to_string(), ..Default::default() };
    let told = fixture.records().list_records(fixture.admin.request(ask)).await.unwrap().into_inner().records;
    assert_eq!(told.iter().map(|record| record.device.as_str()).collect::<Vec<_>>(), ["PC-1", "PC-2"]);
}

fn stamp(at: Timestamp) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
}

/// So many records half a minute apart, in turns of two devices; the first two name their agents. Each with one reply.
async fn replied(fixture: &Fixture, count: i64, devices: [&str; 2]) {
    let start: Timestamp = DAY.0.parse().unwrap();
    let (mut records, mut replies) = (Vec::new(), Vec::new());
    for n in 0..count {
        let at = start + SignedDuration::from_secs(600 + 297 * n);
        let id = format!("r{n:03}");
        let agent = if n < 2 { format!("E000{}", n + 1) } else { String::new() };
        records.push(pb::Record { agent, ..record(&id, &at.to_string()) });
        let device = devices[usize::try_from(n % 2).unwrap()].to_owned();
        let reply =
            pb::Reply { at: stamp(at + SignedDuration::from_secs(20)), by: pb::ReplySide::Agent.into(), device };
        let account_id = account(1).to_string();
        replies.push(pb::RecordReplies { account_id, external_id: id, replies: vec![reply], recorded_at: None });
    }
    fixture.import(1, records).await;
    let ask = pb::ImportRepliesRequest { rows: replies, ..Default::default() };
    let mut client = ReplyServiceClient::new(fixture.channel.clone());
    let told = client.import_replies(fixture.admin.request(ask)).await.unwrap().into_inner().result.unwrap();
    assert_eq!(i64::from(told.written), count);
}

on_both!(replies_are_of_whoever_had_their_device_and_at_a_device_of_nobody_of_the_same_hands, flavor = "multi_thread");
async fn replies_are_of_whoever_had_their_device_and_at_a_device_of_nobody_of_the_same_hands(on_backend: Backend) {
    for devices in [["PC-1", "PC-2"], ["left", "right"]] {
        let fixture = Fixture::working(on_backend, told()).await;
        replied(&fixture, 120, devices).await;
        let told = credits(&fixture, &fixture.attribute(run("")).await).await;
        let right = |(n, (_, rung, who, ppm)): &(usize, &(String, pb::Rung, String, u32))| {
            *rung == pb::Rung::Replies && *who == person((n % 2 + 1) as u128).to_string() && *ppm > 700_000
        };
        let right = told.iter().enumerate().filter(right).count();
        assert!(right > 100, "{devices:?} {right} {told:?}");
    }
}

on_both!(whose_a_device_is_that_is_known_later_is_a_change_where_records_name_it, flavor = "multi_thread");
async fn whose_a_device_is_that_is_known_later_is_a_change_where_records_name_it(on_backend: Backend) {
    let mut fixture = Fixture::working(on_backend, told()).await;
    replied(&fixture, 2, ["left", "right"]).await;
    fixture.import(1, vec![on("front", "a", NOON)]).await;
    let id = fixture.march().await;
    fixture.pass(SignedDuration::from_secs(1));
    let closed = fixture.close(&id).await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    let changed = async |fixture: &Fixture| {
        let ask = pb::ListCycleChangesRequest { cycle_id: id.clone(), ..Default::default() };
        let told = fixture.changes().list_cycle_changes(fixture.admin.request(ask)).await.unwrap().into_inner();
        told.changes.into_iter().map(|change| (change.devices, change.from, change.to)).collect::<Vec<_>>()
    };
    fixture.tell(|told| told.at_device("never named", 1, MARCH.0, MARCH.1));
    assert!(changed(&fixture).await.is_empty());
    fixture.tell(|told| {
        told.at_device("front", 1, MARCH.0, MARCH.1);
        told.at_device("right", 3, MARCH.0, MARCH.1);
        told.at_device("left", 3, "2026-04-02T16:00:00Z", "2026-04-05T16:00:00Z");
    });
    let month = ("2026-03-01".to_owned(), "2026-03-31".to_owned());
    assert_eq!(changed(&fixture).await, [(2, month.0, month.1)], "a record's, and a message's of somebody elsewhere");
    let again = fixture.attribute(run("")).await;
    assert!(credits(&fixture, &again).await.contains(&(
        "a".to_owned(),
        pb::Rung::Device,
        person(1).to_string(),
        1_000_000
    )));
}

on_both!(a_record_with_as_many_messages_as_there_may_be_is_told_over_pages_and_as_it_was_known);
async fn a_record_with_as_many_messages_as_there_may_be_is_told_over_pages_and_as_it_was_known(on_backend: Backend) {
    const MOST: i64 = 20_000;
    let fixture = Fixture::working(on_backend, told()).await;
    fixture.import(1, vec![record("a", NOON), record("b", "2026-03-02T06:00:00Z")]).await;
    let mut client = ReplyServiceClient::new(fixture.channel.clone());
    let start: Timestamp = NOON.parse().unwrap();
    let of = |id: &str, from: i64, to: i64| pb::RecordReplies {
        account_id: account(1).to_string(),
        external_id: id.into(),
        replies: (from..to)
            .map(|n| {
                let by = if n % 3 == 0 { pb::ReplySide::Customer } else { pb::ReplySide::Agent };
                let device = if n % 3 == 0 { String::new() } else { format!("{:0200}", n % 7) };
                pb::Reply { at: stamp(start + SignedDuration::from_secs(n)), by: by.into(), device }
            })
            .collect(),
        recorded_at: None,
    };
    let mut known = Vec::new();
    for rows in [vec![of("a", 0, 10_000), of("b", 0, 3)], vec![of("a", 10_000, MOST)]] {
        let ask = pb::ImportRepliesRequest { rows, ..Default::default() };
        client.import_replies(fixture.admin.request(ask)).await.unwrap();
        known.push(at(&fixture.callers.clock.now().to_string()));
        fixture.callers.clock.advance(SignedDuration::from_mins(1));
    }
    let ask = pb::ListRepliesRequest { account_id: account(1).to_string(), ..Default::default() };
    for (known_at, count, least, page_size) in
        [(None, MOST, 2, 0), (None, MOST, 3, 1), (known[0], 10_000, 1, 0), (known[1], MOST, 2, 0)]
    {
        let (mut all, mut page_token, mut pages) = (Vec::<pb::RecordReplies>::new(), String::new(), 0);
        loop {
            let ask = pb::ListRepliesRequest { page_token, known_at, page_size, ..ask.clone() };
            let page = client.list_replies(fixture.admin.request(ask)).await.unwrap().into_inner();
            pages += 1;
            assert!(page_size == 0 || page.replies.len() == 1);
            for part in page.replies {
                match all.last_mut().filter(|last| last.external_id == part.external_id) {
                    Some(last) => last.replies.extend(part.replies),
                    None => all.push(part),
                }
            }
            if page.next_page_token.is_empty() {
                break;
            }
            page_token = page.next_page_token;
        }
        let told: Vec<_> = all.iter().map(|part| (part.external_id.as_str(), part.replies.len())).collect();
        assert_eq!(told, [("a", usize::try_from(count).unwrap()), ("b", 3)], "{known_at:?}");
        assert_eq!(all[0].replies, of("a", 0, count).replies, "each once and in order");
        assert!(pages >= least, "{pages}");
    }
}
