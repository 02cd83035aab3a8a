//! Values of measures for people, units, accounts, stores and campaigns.

use jiff::{SignedDuration, Timestamp};
use tally_access::Permission;
use tally_api::attendance::v1::DutyRule;
use tally_api::common::v1 as common;
use tally_api::identity::v1 as idn;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::subject::Of;
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fake_peers::Closed;
use crate::fixture::{Fixture, NORTH, PeerFacts, SOUTH, account, at, cycle, person, problems, reason, record, scheme};

const BOTH: &[Permission] = &[Permission::ObservationImport, Permission::ObservationRead];

fn of_person(n: u128) -> Of {
    Of::PersonId(person(n).to_string())
}

/// Of a subject in all of March 2026.
fn observed(measure: &str, of: Of, value: &str) -> pb::Observation {
    pb::Observation {
        measure: measure.into(),
        subject: Some(pb::Subject { of: Some(of) }),
        from: "2026-03-01".into(),
        to: "2026-03-31".into(),
        value: value.into(),
        source: "till".into(),
        ..Default::default()
    }
}

impl Fixture {
    async fn observe(&self, rows: Vec<pb::Observation>) -> common::ImportResult {
        let ask = pb::ImportObservationsRequest { rows, ..Default::default() };
        let reply = self.observations().import_observations(self.admin.request(ask)).await.unwrap();
        reply.into_inner().result.unwrap()
    }

    async fn observed(&self, caller: &Caller, ask: pb::ListObservationsRequest) -> Vec<pb::Observation> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let ask = pb::ListObservationsRequest { page_size: 2, page_token, ..ask.clone() };
            let page = self.observations().list_observations(caller.request(ask)).await.unwrap().into_inner();
            all.extend(page.observations);
            if page.next_page_token.is_empty() {
                return all;
            }
            page_token = page.next_page_token;
        }
    }

    async fn values(&self, caller: &Caller, ask: pb::ListObservationsRequest) -> Vec<String> {
        let mut values: Vec<String> = self.observed(caller, ask).await.into_iter().map(|one| one.value).collect();
        values.sort();
        values
    }
}

fn known_at(at: Timestamp) -> pb::ListObservationsRequest {
    let known_at = Some(prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() });
    pb::ListObservationsRequest { known_at, ..Default::default() }
}

on_both!(a_higher_revision_is_a_new_version_and_what_was_known_stays_readable);
async fn a_higher_revision_is_a_new_version_and_what_was_known_stays_readable(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let row = |value, revision| pb::Observation { revision, ..observed("receipts", of_person(1), value) };
    let first = fixture.observe(vec![row("10", 1)]).await;
    assert_eq!((first.written, first.unchanged, first.revised), (1, 0, 0));
    let before = fixture.callers.clock.now();
    fixture.callers.clock.advance(SignedDuration::from_mins(1));
    let again = fixture.observe(vec![row("10", 1), row("12", 3), row("11", 2)]).await;
    assert_eq!((again.unchanged, again.revised, again.problems.len()), (1, 2, 0), "{again:?}");
    let late = fixture.observe(vec![row("11", 2), row("13", 3)]).await;
    assert_eq!(problems(&late), [(0, "REVISION_STALE"), (1, "DIFFERENT_CONTENT")]);
    let other = pb::Observation { source: "hr".into(), ..row("12", 3) };
    let told = fixture.observe(vec![other]).await.problems.remove(0).message;
    assert!(told.contains("with 12 from till, and here it is 12 from hr"), "what differs is named: {told}");
    let now = fixture.observed(&fixture.admin, Default::default()).await;
    assert_eq!(now.iter().map(|one| (one.value.as_str(), one.revision)).collect::<Vec<_>>(), [("12", 3)]);
    assert_eq!(fixture.values(&fixture.admin, known_at(before)).await, ["10"]);
    let versions = pb::ListObservationsRequest { versions: true, ..Default::default() };
    assert_eq!(fixture.values(&fixture.admin, versions.clone()).await, ["10", "11", "12"]);
    let id = now[0].observation_id.clone();
    let ask = || pb::WithdrawObservationRequest {
        request_id: "w".into(),
        observation_id: id.clone(),
        reason: "of another shop".into(),
    };
    fixture.callers.clock.advance(SignedDuration::from_mins(1));
    let gone = fixture.observations().withdraw_observation(fixture.admin.request(ask())).await.unwrap();
    assert_eq!(gone.into_inner().observation.unwrap().value, "12");
    fixture.observations().withdraw_observation(fixture.admin.request(ask())).await.unwrap();
    let another = pb::WithdrawObservationRequest { request_id: String::new(), ..ask() };
    let refused = fixture.observations().withdraw_observation(fixture.admin.request(another)).await;
    assert_eq!(reason(refused), "NOT_FOUND");
    assert!(fixture.observed(&fixture.admin, Default::default()).await.is_empty());
    let all = fixture.observed(&fixture.admin, versions).await;
    let last = all.iter().find(|one| one.value == "12").unwrap();
    assert_eq!((last.ended(), last.reason.as_str()), (pb::ObservationEnd::Withdrawn, "of another shop"));
    assert_eq!(problems(&fixture.observe(vec![row("12", 3)]).await), [(0, "OBSERVATION_WITHDRAWN")]);
    assert_eq!(fixture.observe(vec![row("12", 4)]).await.written, 1);
}

on_both!(a_row_that_cannot_be_is_refused_by_its_name_and_the_others_go_in);
async fn a_row_that_cannot_be_is_refused_by_its_name_and_the_others_go_in(on: Backend) {
    let mut told = PeerFacts::of(2, 1);
    told.closed = Some(Closed { unit: SOUTH, from: jiff::civil::date(2026, 3, 1), into: None });
    let fixture = Fixture::working(on, told).await;
    let unit = |unit: tally_kernel::id::OrgUnitId| Of::UnitId(unit.to_string());
    let closed = || observed("cost", unit(SOUTH), "1");
    let february = pb::Observation { from: "2026-02-01".into(), to: "2026-03-05".into(), ..closed() };
    let backwards = pb::Observation { to: "2026-02-01".into(), ..observed("cost", unit(NORTH), "1") };
    let both = pb::Observation { at: at("2026-03-02T01:00:00Z"), ..observed("cost", unit(NORTH), "1") };
    let nobody = pb::Observation { subject: None, ..closed() };
    let stranger = observed("cost", Of::UnitId(person(1).to_string()), "1");
    let rows = vec![
        closed(),
        february,
        backwards,
        both,
        nobody,
        stranger,
        observed("cost", Of::PersonId(person(99).to_string()), "1"),
        observed("cost", Of::Store("JD/other".into()), "1"),
        observed("cost", Of::AccountId("JD/shop".into()), "1"),
        observed("cost", unit(NORTH), "1000000000000.000001"),
        observed("cost", unit(NORTH), "a lot"),
        observed("cost", unit(NORTH), "999999999999.999999"),
    ];
    let result = fixture.observe(rows).await;
    assert_eq!(result.written, 1, "{result:?}");
    for beyond in &result.problems[..2] {
        assert!(beyond.message.contains("2026-02-28 was its last day"), "{beyond:?}");
    }
    assert_eq!(
        problems(&result),
        [
            (0, "OBSERVATION_UNIT_CLOSED"),
            (1, "OBSERVATION_UNIT_CLOSED"),
            (2, "OBSERVATION_BACKWARDS"),
            (3, "OBSERVATION_WITHOUT_TIME"),
            (4, "OBSERVATION_WITHOUT_SUBJECT"),
            (5, "OBSERVATION_SUBJECT_UNKNOWN"),
            (6, "OBSERVATION_SUBJECT_UNKNOWN"),
            (7, "OBSERVATION_SUBJECT_UNKNOWN"),
            (8, "OBSERVATION_WITHOUT_SUBJECT"),
            (9, "OBSERVATION_OUT_OF_RANGE"),
            (10, "OBSERVATION_WITHOUT_NUMBER"),
        ]
    );
    // Of a unit whose people went to another one, what was observed from then on is that one's.
    fixture.tell(|told| told.closed.as_mut().unwrap().into = Some(NORTH));
    let until = |to: &str| pb::Observation { from: "2026-02-01".into(), to: to.into(), ..closed() };
    let result = fixture.observe(vec![until("2026-02-28"), until("2026-03-01")]).await;
    assert_eq!((result.written, problems(&result)), (1, vec![(1, "OBSERVATION_UNIT_CLOSED")]));
    let words = &result.problems[0].message;
    assert!(words.contains(&format!("its people went to {NORTH}")), "{words}");
}

on_both!(whoever_reaches_the_subject_reads_it_and_nobody_else);
async fn whoever_reaches_the_subject_reads_it_and_nobody_else(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(2, 2)).await;
    let campaign =
        |unit: &str| pb::Observation { unit_id: unit.into(), ..observed("sales", Of::Campaign("Spring".into()), "5") };
    let of_south = pb::Observation { from: "2026-03-02".into(), to: String::new(), ..campaign(&SOUTH.to_string()) };
    let rows = vec![
        observed("receipts", of_person(1), "1"),
        observed("traffic", Of::AccountId(account(1).to_string()), "2"),
        observed("conversion", Of::UnitId(SOUTH.to_string()), "3"),
        observed("conversion", Of::Store("JD/shop".into()), "4"),
        campaign(""),
        pb::Observation { value: "6".into(), ..of_south },
        observed("receipts", of_person(2), "7"),
    ];
    assert_eq!(fixture.observe(rows).await.written, 7);
    let read = &[Permission::ObservationRead];
    let all = || pb::ListObservationsRequest::default();
    assert_eq!(
        fixture.values(&fixture.of_unit(NORTH, read), all()).await,
        ["1", "2"],
        "the store serves both branches"
    );
    assert_eq!(fixture.values(&fixture.of_unit(SOUTH, read), all()).await, ["3", "6", "7"]);
    assert_eq!(fixture.values(&fixture.agent(1, read), all()).await, ["1"]);
    assert_eq!(fixture.values(&fixture.admin, all()).await.len(), 7);
    let conversion = pb::ListObservationsRequest { measure: "conversion".into(), ..all() };
    assert_eq!(fixture.values(&fixture.admin, conversion).await, ["3", "4"]);
    let store = Some(pb::Subject { of: Some(Of::Store("JD/shop".into())) });
    assert_eq!(fixture.values(&fixture.admin, pb::ListObservationsRequest { subject: store, ..all() }).await, ["4"]);
    let early = pb::ListObservationsRequest { to: "2026-03-30".into(), ..all() };
    assert_eq!(fixture.values(&fixture.admin, early).await, ["6"]);

    let north = fixture.of_unit(NORTH, BOTH);
    let ask = |of| pb::ImportObservationsRequest { rows: vec![observed("cost", of, "1")], ..Default::default() };
    let send = async |of| fixture.observations().import_observations(north.request(ask(of))).await;
    assert_eq!(send(of_person(1)).await.unwrap().into_inner().result.unwrap().written, 1);
    // Each row out of reach is refused by itself, also where all are.
    let rows = [2, 1, 2].map(|n| observed("cost", of_person(n), "1")).to_vec();
    for (rows, unchanged, beyond) in [(rows.clone(), 1, vec![0, 2]), (vec![rows[0].clone()], 0, vec![0])] {
        let ask = pb::ImportObservationsRequest { rows, ..Default::default() };
        let told = fixture.observations().import_observations(north.request(ask)).await.unwrap().into_inner();
        let told = told.result.unwrap();
        let refused: Vec<_> = told.problems.iter().map(|wrong| (wrong.index, wrong.reason.as_str())).collect();
        let expected: Vec<_> = beyond.into_iter().map(|row| (row, "OBSERVATION_OUT_OF_REACH")).collect();
        assert_eq!((told.written, told.unchanged, refused), (0, unchanged, expected));
        let words = &told.problems[0].message;
        assert!(words.contains(&person(2).to_string()) && words.contains("cost"), "{words}");
    }
    let nobody = fixture.agent(1, BOTH);
    let ask = pb::ImportObservationsRequest { rows: vec![observed("cost", of_person(2), "1")], ..Default::default() };
    let told = fixture.observations().import_observations(nobody.request(ask)).await;
    let told = told.unwrap().into_inner().result.unwrap();
    assert_eq!((told.written, told.problems[0].reason.as_str()), (0, "OBSERVATION_OUT_OF_REACH"));
    let south = fixture.observed(&fixture.admin, all()).await.into_iter().find(|one| one.value == "7").unwrap();
    let ask = pb::WithdrawObservationRequest {
        observation_id: south.observation_id,
        reason: "not mine".into(),
        ..Default::default()
    };
    assert_eq!(reason(fixture.observations().withdraw_observation(north.request(ask)).await), "NOT_FOUND");
}

on_both!(a_stream_is_written_part_by_part_and_may_be_sent_again);
async fn a_stream_is_written_part_by_part_and_may_be_sent_again(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let part = |id: &str, rows: Vec<pb::Observation>| pb::StreamObservationsRequest { request_id: id.into(), rows };
    let day = |n: u32, value: &str| pb::Observation {
        from: format!("2026-03-{n:02}"),
        to: String::new(),
        ..observed("traffic", of_person(1), value)
    };
    let parts = || {
        vec![part("1", vec![day(1, "10"), day(2, "11")]), part("2", vec![day(1, "10"), day(3, "none"), day(4, "12")])]
    };
    for _ in 0..2 {
        let sent = fixture.admin.request(futures::stream::iter(parts()));
        let result = fixture.observations().stream_observations(sent).await.unwrap().into_inner().result.unwrap();
        assert_eq!((result.written, result.unchanged), (3, 1), "the first answer of each part");
        assert_eq!(problems(&result), [(3, "OBSERVATION_WITHOUT_NUMBER")]);
    }
    assert_eq!(fixture.values(&fixture.admin, Default::default()).await, ["10", "11", "12"]);
}

on_both!(an_instant_is_of_the_day_of_whoever_it_is_about);
async fn an_instant_is_of_the_day_of_whoever_it_is_about(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let at = |text| pb::Observation {
        from: String::new(),
        to: String::new(),
        at: at(text),
        ..observed("skill", of_person(1), "1")
    };
    fixture.observe(vec![at("2026-03-31T15:59:59Z"), at("2026-03-31T16:00:00Z")]).await;
    let days: Vec<String> =
        fixture.observed(&fixture.admin, Default::default()).await.into_iter().map(|one| one.to).collect();
    assert_eq!(days, ["2026-03-31", "2026-04-01"], "midnight in Shanghai");
}

on_both!(what_was_observed_since_is_counted_among_the_changes_of_a_cycle, flavor = "multi_thread");
async fn what_was_observed_since_is_counted_among_the_changes_of_a_cycle(on: Backend) {
    let mut told = PeerFacts::of(3, 2);
    // E0003 comes to the north from the south.
    let south = idn::Employment { to: "2026-03-10".into(), ..told.people[1].employments[0].clone() };
    told.people[2].employments.insert(0, south);
    told.people[2].employments[1].from = "2026-03-11".into();
    told.on_duty(1, 1, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z");
    let mut fixture = Fixture::working(on, told).await;
    fixture.import(1, vec![record("a", "2026-03-02T01:00:00Z")]).await;
    let receipts = || observed("receipts", of_person(1), "10");
    fixture.observe(vec![receipts()]).await;
    let of = pb::ObservationMeasure {
        aggregation: pb::ObservationAggregation::Sum.into(),
        subject: pb::ObservationOf::Person.into(),
    };
    let definition = pb::MeasureDefinition {
        name: "receipts".into(),
        direction: pb::Direction::Higher.into(),
        of: Some(pb::measure_definition::Of::Observation(of)),
        ..Default::default()
    };
    let mut reads = pb::Scheme { measures: vec![definition], ..scheme() };
    reads.kpis[0].measure = "receipts".into();
    let scheme_id = fixture.scheme(reads).await;
    let id = fixture.make(cycle(&scheme_id)).await.unwrap();
    fixture.pass(SignedDuration::from_secs(1));
    let closed = fixture.close(&id).await;
    let of_north = pb::Cycle { unit_id: NORTH.to_string(), ..cycle(&scheme_id) };
    let norths = fixture.make(of_north).await.unwrap();
    let of_north = fixture.close_from(&norths, &closed.attribution_run_id).await;
    for closed in [closed, of_north] {
        assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    }
    let changed_of = async |fixture: &Fixture, id: &str| {
        let ask = pb::ListCycleChangesRequest { cycle_id: id.into(), ..Default::default() };
        fixture.changes().list_cycle_changes(fixture.admin.request(ask)).await.unwrap().into_inner().observations
    };
    let changed = async |fixture: &Fixture| changed_of(fixture, &id).await;
    assert_eq!(changed(&fixture).await, 0);
    fixture.pass(SignedDuration::from_secs(1));
    let april = pb::Observation { to: "2026-04-01".into(), ..observed("receipts", of_person(2), "1") };
    fixture.observe(vec![april, observed("visits", of_person(1), "1")]).await;
    assert_eq!(changed(&fixture).await, 0, "beyond the period, and of another measure");
    fixture.observe(vec![pb::Observation { value: "12".into(), revision: 1, ..receipts() }]).await;
    fixture.observe(vec![observed("receipts", of_person(2), "3")]).await;
    assert_eq!(changed(&fixture).await, 2, "one revised, one new");
    let [store, campaign, others] =
        [Of::Store("JD/shop".into()), Of::Campaign("618".into()), Of::AccountId(account(2).to_string())]
            .map(|of| observed("receipts", of, "1"));
    assert_eq!(changed_of(&fixture, &norths).await, 1, "the one of the south is not about the north's people");
    fixture.observe(vec![store, campaign, others]).await;
    assert_eq!(
        (changed(&fixture).await, changed_of(&fixture, &norths).await),
        (4, 3),
        "nobody is credited on account 2"
    );
    let of_south =
        |to: &str| pb::Observation { to: to.into(), ..observed("receipts", Of::UnitId(SOUTH.to_string()), "1") };
    fixture.observe(vec![of_south("2026-03-10")]).await;
    let counted = (changed(&fixture).await, changed_of(&fixture, &norths).await);
    assert_eq!(counted, (5, 4), "of the unit that somebody of the north was in then");
}
