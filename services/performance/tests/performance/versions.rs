//! Records have versions: revisions, refunds, records that were sent for the wrong account or should not be there.

use jiff::{SignedDuration, Timestamp};
use tally_access::Permission;
use tally_api::attendance::v1::DutyRule;
use tally_api::performance::v1 as pb;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Fixture, NORTH, PeerFacts, SOUTH, account, at, import, person, problems, reason, record};

const T1: &str = "2026-03-02T01:00:00Z";
const T2: &str = "2026-03-02T02:00:00Z";
const T3: &str = "2026-03-05T02:00:00Z";

/// A record as the sender says it in this revision.
fn revised(id: &str, start: &str, revision: u64) -> pb::Record {
    pb::Record { revision, rating_milli: Some(1_000 + u32::try_from(revision).unwrap()), ..record(id, start) }
}

fn refund(id: &str, of: &str, minor: i64) -> pb::Record {
    pb::Record { refers_to: of.into(), amount_minor: Some(minor), ..record(id, T3) }
}

fn paid(id: &str, start: &str, minor: i64) -> pb::Record {
    pb::Record { amount_minor: Some(minor), ..record(id, start) }
}

impl Fixture {
    async fn send(&self, a: u128, rows: Vec<pb::Record>) -> pb::ImportRecordsResponse {
        self.records().import_records(self.admin.request(import(a, rows))).await.unwrap().into_inner()
    }

    async fn versions(&self, a: u128, id: &str) -> Vec<pb::RecordVersion> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let (account_id, external_id) = (account(a).to_string(), id.into());
            let ask = pb::ListRecordVersionsRequest { account_id, external_id, page_size: 1, page_token };
            let page = self.records().list_record_versions(self.admin.request(ask)).await.unwrap().into_inner();
            assert!(page.versions.len() <= 1);
            all.extend(page.versions);
            if page.next_page_token.is_empty() {
                return all;
            }
            page_token = page.next_page_token;
        }
    }

    async fn known(&self, a: u128, at: Timestamp) -> Vec<(String, u64)> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let known_at = Some(prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() });
            let account_id = account(a).to_string();
            let ask = pb::ListRecordsRequest { account_id, known_at, page_size: 2, page_token, ..Default::default() };
            let page = self.records().list_records(self.admin.request(ask)).await.unwrap().into_inner();
            all.extend(page.records.into_iter().map(|record| (record.external_id, record.revision)));
            if page.next_page_token.is_empty() {
                return all;
            }
            page_token = page.next_page_token;
        }
    }

    fn later(&self) -> Timestamp {
        self.callers.clock.advance(SignedDuration::from_mins(1));
        self.callers.clock.now()
    }
}

fn moving(id: &str, (from, to): (u128, u128)) -> pb::MoveRecordRequest {
    let (of, to) = (import(from, Vec::new()), import(to, Vec::new()));
    pb::MoveRecordRequest {
        account_id: of.account_id,
        region: of.region,
        unit_id: of.unit_id,
        external_id: id.into(),
        to_account_id: to.account_id,
        to_region: to.region,
        to_unit_id: to.unit_id,
        reason: "sent for the wrong shop".into(),
        ..Default::default()
    }
}

fn withdrawing(id: &str, a: u128) -> pb::WithdrawRecordRequest {
    let of = import(a, Vec::new());
    pb::WithdrawRecordRequest {
        account_id: of.account_id,
        region: of.region,
        unit_id: of.unit_id,
        external_id: id.into(),
        reason: "a test dialogue".into(),
        ..Default::default()
    }
}

on_both!(a_higher_revision_is_a_new_version_and_what_was_known_on_any_day_stays_readable);
async fn a_higher_revision_is_a_new_version_and_what_was_known_on_any_day_stays_readable(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let first = fixture.callers.clock.now();
    fixture.send(1, vec![revised("a", T1, 1), revised("b", T2, 1), record("c", T3)]).await;
    let second = fixture.later();
    let sent = fixture.send(1, vec![revised("a", T3, 2), revised("b", T2, 1), revised("c", T3, 0)]).await;
    let result = sent.result.unwrap();
    assert_eq!((result.written, result.unchanged, result.revised), (0, 1, 1));
    assert_eq!(problems(&result), [(2, "DIFFERENT_CONTENT")]);
    assert!(result.problems[0].message.contains("higher revision"), "{result:?}");
    let [touched] = &sent.touched[..] else { panic!("one account: {:?}", sent.touched) };
    assert_eq!((touched.account_id.clone(), touched.records), (account(1).to_string(), 1));
    assert_eq!((touched.from, touched.to), (at(T1), at(T3)));
    let late =
        fixture.send(1, vec![Default::default(), revised("a", T1, 1), revised("a", T1, 0)]).await.result.unwrap();
    assert_eq!(problems(&late), [(0, "TIME_MALFORMED"), (1, "REVISION_STALE"), (2, "REVISION_STALE")]);
    assert!(late.problems[1].message.contains("revision 2, which is newer than 1"), "{late:?}");
    let versions = fixture.versions(1, "a").await;
    let told = |version: &pb::RecordVersion| {
        let record = version.record.clone().unwrap();
        (record.revision, record.started_at, version.ended(), version.until.is_some())
    };
    let expected = [(2, at(T3), pb::VersionEnd::Unspecified, false), (1, at(T1), pb::VersionEnd::Revised, true)];
    assert_eq!(versions.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(versions[1].until, versions[0].recorded_at);
    assert_eq!(versions[1].ended_by, fixture.admin.actor.principal.to_string());
    let of = |list: &[(&str, u64)]| list.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect::<Vec<_>>();
    assert_eq!(fixture.known(1, first).await, of(&[("a", 1), ("b", 1), ("c", 0)]));
    assert_eq!(fixture.known(1, second).await, of(&[("b", 1), ("a", 2), ("c", 0)]));
    assert_eq!(fixture.known(1, first - SignedDuration::from_secs(1)).await, []);
    let account_id = account(1).to_string();
    let get = |at: Timestamp| pb::GetRecordRequest {
        account_id: account_id.clone(),
        external_id: "a".into(),
        known_at: Some(prost_types::Timestamp { seconds: at.as_second(), nanos: 0 }),
    };
    let get = async |at| fixture.records().get_record(fixture.admin.request(get(at))).await;
    let revision = async |at| get(at).await.unwrap().into_inner().record.unwrap().revision;
    assert_eq!((revision(first).await, revision(second).await), (1, 2));
    assert_eq!(reason(get(first - SignedDuration::from_secs(1)).await), "NOT_FOUND");
}

on_both!(a_time_of_change_is_a_revision_and_the_same_content_keeps_the_higher_one);
async fn a_time_of_change_is_a_revision_and_the_same_content_keeps_the_higher_one(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let changed = |id: &str, rating: u32, when: &str| pb::Record {
        revised_at: at(when),
        rating_milli: Some(rating),
        ..record(id, T1)
    };
    fixture.send(1, vec![changed("a", 1_000, T1)]).await;
    let again = fixture.send(1, vec![changed("a", 1_000, T3)]).await;
    assert_eq!((again.result.as_ref().unwrap().unchanged, again.touched.len()), (1, 0));
    let between = fixture.send(1, vec![changed("a", 2_000, T2)]).await.result.unwrap();
    assert_eq!(problems(&between), [(0, "REVISION_STALE")]);
    let versions = fixture.versions(1, "a").await;
    assert_eq!(versions.len(), 1);
    let millis = T3.parse::<Timestamp>().unwrap().as_millisecond();
    assert_eq!(versions[0].record.as_ref().unwrap().revision, u64::try_from(millis).unwrap());
    let both = pb::Record { revision: 1, ..changed("b", 1_000, T1) };
    let early = changed("c", 1_000, "1969-01-01T00:00:00Z");
    let huge = pb::Record { revision: u64::MAX, ..record("d", T1) };
    let refused = fixture.send(1, vec![both, early, huge]).await.result.unwrap();
    let expected = [(0, "REVISION_TWICE"), (1, "RECORD_TIME_IMPLAUSIBLE"), (2, "REVISION_OUT_OF_RANGE")];
    assert_eq!(problems(&refused), expected);
}

on_both!(of_revisions_that_come_at_once_the_highest_counts_and_none_is_lost, flavor = "multi_thread");
async fn of_revisions_that_come_at_once_the_highest_counts_and_none_is_lost(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let sent = futures::future::join_all((1..=8_u64).map(|n| {
        let revision = n * 5 % 8 + 1;
        fixture.send(1, vec![revised("a", T1, revision), revised("b", T2, 9 - revision)])
    }));
    let taken: u32 =
        sent.await.iter().map(|sent| sent.result.as_ref().unwrap()).map(|sent| sent.written + sent.revised).sum();
    let mut kept = 0;
    for id in ["a", "b"] {
        let versions = fixture.versions(1, id).await;
        let revisions: Vec<u64> = versions.iter().map(|version| version.record.as_ref().unwrap().revision).collect();
        assert_eq!(revisions[0], 8);
        assert!(revisions.windows(2).all(|pair| pair[0] > pair[1]), "{revisions:?}");
        kept += revisions.len();
    }
    assert_eq!(kept, taken as usize);
}

on_both!(a_record_of_another_account_is_moved_with_its_versions_and_refunds_and_overwrites_nothing);
async fn a_record_of_another_account_is_moved_with_its_versions_and_refunds_and_overwrites_nothing(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 3)).await;
    fixture.send(1, vec![revised("a", T1, 1), paid("b", T2, 900)]).await;
    fixture.send(1, vec![revised("a", T2, 2), refund("r", "b", -100)]).await;
    fixture.send(3, vec![record("b", T1)]).await;
    let before = fixture.callers.clock.now();
    let moved_at = fixture.later();
    let shift = async |ask| fixture.records().move_record(fixture.admin.request(ask)).await;
    let ask = pb::MoveRecordRequest { request_id: "m1".into(), ..moving("a", (1, 2)) };
    let moved = shift(ask.clone()).await.unwrap().into_inner();
    assert_eq!(shift(ask).await.unwrap().into_inner(), moved, "the same request, the same result");
    let accounts: Vec<_> = moved.touched.iter().map(|t| (t.account_id.clone(), t.from)).collect();
    assert_eq!(accounts, [1, 2].map(|a| (account(a).to_string(), at(T2))));
    let (here, there) = (fixture.versions(2, "a").await, fixture.versions(1, "a").await);
    assert_eq!(here[1..], there[..], "the account that it was on tells what it was there");
    let told = |v: &pb::RecordVersion| (v.account_id.clone(), v.record.as_ref().unwrap().revision, v.ended());
    let (one, two) = (account(1).to_string(), account(2).to_string());
    use pb::VersionEnd::{Moved, Revised, Unspecified};
    let expected = [(two, 2, Unspecified), (one.clone(), 2, Moved), (one, 1, Revised)];
    assert_eq!(here.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(here[1].reason, "sent for the wrong shop");
    assert_eq!(fixture.known(1, before).await.len(), 3);
    assert_eq!((fixture.known(1, moved_at).await.len(), fixture.known(2, moved_at).await.len()), (2, 1));
    assert_eq!(problems(&fixture.send(1, vec![revised("a", T2, 3)]).await.result.unwrap()), [(0, "RECORD_MOVED")]);
    assert_eq!(fixture.send(2, vec![revised("a", T2, 3)]).await.result.unwrap().revised, 1);
    assert_eq!(reason(shift(moving("a", (1, 2))).await), "RECORD_MOVED", "by another request: it is so already");
    assert_eq!(reason(shift(moving("r", (1, 2))).await), "REFUND_MOVES_WITH_RECORD");
    assert_eq!(reason(shift(moving("b", (1, 3))).await), "RECORD_THERE_ALREADY");
    assert_eq!(reason(shift(moving("zz", (1, 3))).await), "NOT_FOUND");
    assert_eq!(shift(moving("b", (1, 2))).await.unwrap().into_inner().touched[0].records, 2);
    assert_eq!(fixture.known(2, moved_at).await.len(), 3);
    assert_eq!(shift(moving("a", (2, 1))).await.unwrap().into_inner().touched.len(), 2, "and back");
    let itself = shift(moving("a", (1, 1))).await.unwrap_err();
    assert_eq!(tally_rpc::error_from(itself).violations()[0].field, "to_account_id");
}

on_both!(a_record_that_should_not_be_there_is_withdrawn_and_an_import_does_not_bring_it_back);
async fn a_record_that_should_not_be_there_is_withdrawn_and_an_import_does_not_bring_it_back(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    fixture.send(1, vec![paid("a", T1, 500), refund("r", "a", -100)]).await;
    fixture.later();
    let withdraw = async |ask| fixture.records().withdraw_record(fixture.admin.request(ask)).await;
    assert_eq!(reason(withdraw(withdrawing("a", 1)).await), "RECORD_REFERRED_TO");
    let refunded = withdraw(withdrawing("r", 1)).await.unwrap().into_inner();
    assert_eq!(refunded.touched[0].from, at(T1), "a refund touches the day of what it refers to");
    fixture.later();
    let ask = pb::WithdrawRecordRequest { request_id: "w1".into(), ..withdrawing("a", 1) };
    let done = withdraw(ask.clone()).await.unwrap().into_inner();
    assert_eq!(withdraw(ask).await.unwrap().into_inner(), done);
    assert_eq!(reason(withdraw(withdrawing("a", 1)).await), "RECORD_WITHDRAWN", "by another request: it is so already");
    let again = fixture.send(1, vec![paid("a", T1, 500)]).await.result.unwrap();
    assert_eq!(problems(&again), [(0, "RECORD_WITHDRAWN")]);
    assert!(again.problems[0].message.contains("a test dialogue"), "{again:?}");
    fixture.later();
    let back = fixture.send(1, vec![revised("a", T1, 1)]).await.result.unwrap();
    assert_eq!(back.written, 1);
    let versions = fixture.versions(1, "a").await;
    let ids: Vec<_> = versions.iter().map(|version| version.record.as_ref().unwrap().record_id.clone()).collect();
    assert_eq!((ids.len(), ids[0] == ids[1]), (2, true), "it is the same record");
    let ask = pb::ListRecordChangesRequest { since: at("2026-04-01T00:00:00Z"), ..Default::default() };
    let changes = fixture.records().list_record_changes(fixture.admin.request(ask)).await.unwrap().into_inner();
    let what: Vec<_> = changes.changes.iter().map(|change| change.what.as_str()).collect();
    assert_eq!(what, ["imported", "withdrawn", "withdrawn", "imported"]);
}

on_both!(who_puts_right_must_reach_both_accounts_and_who_reads_the_one_it_is_on);
async fn who_puts_right_must_reach_both_accounts_and_who_reads_the_one_it_is_on(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 2)).await;
    fixture.send(1, vec![revised("a", T1, 1)]).await;
    let north = fixture.of_unit(NORTH, &[Permission::RecordImport]);
    let south = fixture.of_unit(SOUTH, &[Permission::RecordImport]);
    for caller in [&north, &south] {
        let asked = fixture.records().move_record(caller.request(moving("a", (1, 2)))).await;
        assert_eq!(reason(asked), "PERMISSION_DENIED");
    }
    let withdrawn = fixture.records().withdraw_record(south.request(withdrawing("a", 1))).await;
    assert_eq!(reason(withdrawn), "PERMISSION_DENIED");
    fixture.records().move_record(fixture.admin.request(moving("a", (1, 2)))).await.unwrap();
    let read = async |unit, a| {
        let caller = fixture.of_unit(unit, &[Permission::RecordRead]);
        let (account_id, external_id) = (account(a).to_string(), "a".into());
        let ask = pb::ListRecordVersionsRequest { account_id, external_id, ..Default::default() };
        fixture.records().list_record_versions(caller.request(ask)).await
    };
    assert_eq!(read(SOUTH, 2).await.unwrap().into_inner().versions.len(), 2);
    assert_eq!(read(NORTH, 1).await.unwrap().into_inner().versions.len(), 1, "what was here, and no more");
    assert_eq!(reason(read(NORTH, 2).await), "NOT_FOUND");
}

/// One person on duty, and a scheme that counts amounts.
async fn selling(on: Backend) -> Fixture {
    let mut told = PeerFacts::of(1, 1);
    told.on_duty(1, 1, DutyRule::Roster, "2026-03-01T00:00:00Z", "2026-03-07T00:00:00Z");
    Fixture::working(on, told).await
}

/// The value of the amount on the only card of a closed March.
async fn sales(fixture: &Fixture) -> (String, pb::Cycle) {
    let mut scheme = crate::fixture::scheme();
    let fixed =
        pb::Kpi { measure: "amount".into(), key: "amount".into(), target: "10".into(), ..scheme.kpis[2].clone() };
    scheme.kpis[2] = fixed;
    let ask = pb::CreateSchemeVersionRequest { scheme: Some(scheme), ..Default::default() };
    let scheme = fixture.schemes().create_scheme_version(fixture.admin.request(ask)).await.unwrap().into_inner().scheme;
    let ask =
        pb::CreateCycleRequest { cycle: Some(crate::fixture::cycle(&scheme.unwrap().scheme_id)), ..Default::default() };
    let cycle = fixture.cycles().create_cycle(fixture.admin.request(ask)).await.unwrap().into_inner().cycle.unwrap();
    let closed = fixture.close(&cycle.cycle_id).await;
    let ask = pb::ListCardsRequest { cycle_id: cycle.cycle_id.clone(), ..Default::default() };
    let cards = fixture.cards().list_cards(fixture.admin.request(ask)).await.map(|cards| cards.into_inner().cards);
    let card = cards.ok().and_then(|cards| cards.into_iter().next());
    assert!(card.as_ref().is_none_or(|card| card.person_id == person(1).to_string()));
    let line = card.and_then(|card| card.lines.into_iter().find(|line| line.kpi == "amount"));
    (line.map(|line| line.value).unwrap_or_default(), closed)
}

on_both!(a_refund_lessens_the_amount_of_what_it_refers_to_and_is_no_session, flavor = "multi_thread");
async fn a_refund_lessens_the_amount_of_what_it_refers_to_and_is_no_session(on: Backend) {
    let fixture = selling(on).await;
    fixture.send(1, vec![paid("a", T1, 5_000), paid("b", T2, 700)]).await;
    let (amount, closed) = sales(&fixture).await;
    assert_eq!((amount.as_str(), closed.summary.unwrap().records), ("57", 2));
    let sent = fixture.send(1, vec![refund("r1", "a", -1_000), refund("r2", "a", -500), refund("x", "?", -1)]).await;
    assert_eq!(problems(sent.result.as_ref().unwrap()), [(2, "REFERS_TO_NOTHING")]);
    assert_eq!(sent.touched[0].from, at(T1));
    let (amount, closed) = sales(&fixture).await;
    let summary = closed.summary.unwrap();
    assert_eq!((amount.as_str(), summary.records, summary.credited), ("42", 2, 2), "refunds are no served sessions");
    let explained = async |external_id: &str| {
        let ask = pb::ExplainRecordRequest {
            cycle_id: closed.cycle_id.clone(),
            account_id: account(1).to_string(),
            external_id: external_id.into(),
            ..Default::default()
        };
        fixture.attribution().explain_record(fixture.admin.request(ask)).await.unwrap().into_inner()
    };
    let (sale, refund_of_it) = (explained("a").await, explained("r1").await);
    assert!(refund_of_it.lines[0].contains("r1 is a refund of a"), "{:?}", refund_of_it.lines);
    assert_eq!((&refund_of_it.credit, &refund_of_it.lines[1..]), (&sale.credit, &sale.lines[..]));
    let revised = fixture.send(1, vec![pb::Record { revision: 1, ..refund("r2", "a", -5_500) }]).await;
    assert_eq!(revised.result.unwrap().revised, 1);
    let (amount, closed) = sales(&fixture).await;
    assert_eq!(amount, "-8", "more was paid back than paid");
    let ask = pb::ListFindingsRequest { cycle_id: closed.cycle_id, ..Default::default() };
    let found = fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner().findings;
    let over: Vec<_> = found.iter().filter(|one| one.kind == "REFUND_EXCEEDS_SALE").collect();
    let [over] = over.as_slice() else { panic!("{found:?}") };
    assert_eq!(over.subject, "JD/shop/a0001");
    assert!(over.detail.contains("a 50.00 CNY (r1 -10.00 CNY, r2 -55.00 CNY)"), "{}", over.detail);
    assert!(over.advice.contains("WithdrawRecord"), "{}", over.advice);
}

on_both!(an_amount_in_another_currency_is_not_summed_as_if_it_were_the_groups, flavor = "multi_thread");
async fn an_amount_in_another_currency_is_not_summed_as_if_it_were_the_groups(on: Backend) {
    let fixture = selling(on).await;
    let own = pb::Record { currency: "CNY".into(), ..paid("a", T1, 5_000) };
    fixture.send(1, vec![own]).await;
    let same = fixture.send(1, vec![paid("a", T1, 5_000)]).await.result.unwrap();
    assert_eq!(same.unchanged, 1, "the group's own currency need not be said");
    let yen = pb::Record { currency: "JPY".into(), ..paid("b", T2, 5_000) };
    fixture.send(1, vec![yen]).await;
    let (_, closed) = sales(&fixture).await;
    assert_eq!(closed.state(), pb::CycleState::Failed);
    assert!(closed.failure.contains("JPY") && closed.failure.contains("JD/shop/a0001"), "{}", closed.failure);
    let id = fixture.march().await;
    let closed = fixture.close(&id).await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "no indicator reads amounts: {}", closed.failure);
}
