//! Cycles whose trends are held against a cycle that is put right: what is told of them before and after, and what makes it go away.

use jiff::SignedDuration;
use jiff::civil::date;
use tally_access::Permission;
use tally_api::common::v1 as common;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::measure_definition::Of;
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fake_peers::Closed;
use crate::fixture::{Fixture, NORTH, PeerFacts, SOUTH, account, by, cycle, person, scheme};

/// One indicator is a trend of each of these, the last of them.
fn trending(name: &str, trends: &[(&str, &str)]) -> pb::Scheme {
    let define = |(name, of): &(&str, &str)| pb::MeasureDefinition {
        name: (*name).into(),
        of: Some(Of::Trend(pb::TrendMeasure { of: (*of).into() })),
        ..Default::default()
    };
    let mut scheme = pb::Scheme { name: name.into(), measures: trends.iter().map(define).collect(), ..scheme() };
    scheme.kpis[1].measure = trends[trends.len() - 1].0.into();
    scheme
}

impl Fixture {
    /// A cycle of the group over a month of 2026.
    async fn over(&self, scheme_id: &str, month: i8) -> String {
        self.over_of("", scheme_id, month).await
    }

    async fn over_of(&self, unit_id: &str, scheme_id: &str, month: i8) -> String {
        // Cycles are told apart by their ids, which are of the instant.
        self.callers.clock.advance(SignedDuration::from_millis(1));
        let from = date(2026, month, 1);
        let period = Some(common::Period { from: from.to_string(), to: from.last_of_month().to_string() });
        self.make(pb::Cycle { period, unit_id: unit_id.into(), ..cycle(scheme_id) }).await.unwrap()
    }

    async fn publish(&self, cycle_id: &str) {
        let ask = pb::PublishCycleRequest { cycle_id: cycle_id.into(), ..Default::default() };
        self.cycles().publish_cycle(self.admin.request(ask)).await.unwrap();
    }

    async fn closed(&self, cycle_id: &str) {
        let closed = self.close(cycle_id).await;
        assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    }

    async fn correct(&self, cycle_id: &str) -> String {
        let ask = pb::CorrectCycleRequest { cycle_id: cycle_id.into(), reason: "late".into(), ..Default::default() };
        let begun = self.cycles().correct_cycle(self.admin.request(ask)).await.unwrap().into_inner().cycle.unwrap();
        let correction = self.watch(&begun.cycle_id).await;
        assert_eq!(correction.state(), pb::CycleState::Reviewable, "{}", correction.failure);
        correction.cycle_id
    }

    async fn by_january(&self, caller: &Caller) -> Vec<(String, usize, Vec<String>)> {
        self.by_month(caller, 1).await
    }

    /// The cycles that are touched by what is on the account in a month: on how many accounts, and on what of before.
    async fn by_month(&self, caller: &Caller, month: i8) -> Vec<(String, usize, Vec<String>)> {
        let from = date(2026, month, 1);
        let (from, to) = (from.to_string(), from.last_of_month().to_string());
        let account_ids = vec![account(1).to_string()];
        let ask = pb::ListTouchedCyclesRequest { account_ids, from, to, ..Default::default() };
        let found = self.changes().list_touched_cycles(caller.request(ask)).await.unwrap().into_inner().cycles;
        found.into_iter().map(|one| (one.cycle_id, one.account_ids.len(), one.past_cycle_ids)).collect()
    }

    async fn changed(&self, caller: &Caller, cycle_id: &str) -> pb::ListCycleChangesResponse {
        let ask = pb::ListCycleChangesRequest { cycle_id: cycle_id.into(), ..Default::default() };
        self.changes().list_cycle_changes(caller.request(ask)).await.unwrap().into_inner()
    }
}

/// Two records of the first person and one of the second in each month.
async fn months(on: Backend, months: std::ops::RangeInclusive<u32>) -> Fixture {
    let mut fixture = Fixture::working(on, PeerFacts::of(2, 1)).await;
    for month in months {
        let row = |(who, day): (u32, u32)| {
            let start = format!("2026-{month:02}-{day:02}T02:00:00Z");
            by(&format!("E{who:04}"), &format!("{month}-{who}-{day}"), &start)
        };
        assert_eq!(fixture.import(1, [(1, 5), (1, 6), (2, 5)].map(row).into()).await.problems, []);
    }
    fixture.pass(SignedDuration::from_secs(1));
    fixture
}

/// Somebody who had something else in these cycles of before.
fn past_of(n: u128, cycles: &[&String]) -> Vec<pb::PersonChange> {
    let past_cycle_ids = cycles.iter().map(|id| (*id).clone()).collect();
    vec![pb::PersonChange {
        person_id: person(n).to_string(),
        kinds: vec![pb::PersonChangeKind::Past.into()],
        past_cycle_ids,
    }]
}

on_both!(
    what_a_later_month_is_held_against_is_told_before_it_is_put_right_and_until_that_is_too,
    flavor = "multi_thread"
);
async fn what_a_later_month_is_held_against_is_told_before_it_is_put_right_and_until_that_is_too(on: Backend) {
    let mut fixture = months(on, 1..=3).await;
    let admin = fixture.admin.clone();
    let scheme_id = fixture.scheme(trending("trending", &[("more", "credited_records")])).await;
    let beside = fixture.scheme(trending("beside", &[("more", "amount")])).await;
    let (january, february) = (fixture.over(&scheme_id, 1).await, fixture.over(&scheme_id, 2).await);
    let other = fixture.over(&beside, 2).await;
    let (march, april) = (fixture.over(&scheme_id, 3).await, fixture.over(&scheme_id, 4).await);
    for id in [&january, &february, &other] {
        fixture.closed(id).await;
        fixture.publish(id).await;
    }
    fixture.closed(&march).await;
    let rests = |id: &String| (id.clone(), 0, vec![january.clone()]);
    let touched = [rests(&april), rests(&march), rests(&february), (january.clone(), 1, vec![])];
    assert_eq!(fixture.by_january(&admin).await, touched, "newest first; what no trend of is read is not touched");
    let hr = fixture.of_unit(NORTH, &[Permission::CycleRead, Permission::CardRead]);
    let seen: Vec<String> = fixture.by_january(&hr).await.into_iter().map(|(id, _, _)| id).collect();
    assert_eq!(
        seen,
        [march.clone(), february.clone(), january.clone()],
        "those that it sees: with cards of its people"
    );

    // Nothing is otherwise while the correction is looked at.
    fixture.pass(SignedDuration::from_secs(1));
    fixture.import(1, vec![by("E0001", "late", "2026-01-07T02:00:00Z")]).await;
    fixture.pass(SignedDuration::from_secs(1));
    let correction = fixture.correct(&january).await;
    let nothing = pb::ListCycleChangesResponse::default();
    assert_eq!(fixture.changed(&fixture.admin.clone(), &february).await, nothing);
    fixture.publish(&correction).await;
    let admin = fixture.admin.clone();
    for id in [&february, &march] {
        let told = fixture.changed(&admin, id).await;
        assert_eq!(told, pb::ListCycleChangesResponse { people: past_of(1, &[&january]), ..nothing.clone() });
    }
    let reader = |unit| fixture.of_unit(unit, &[Permission::CycleRead, Permission::CardRead]);
    assert_eq!(fixture.changed(&reader(NORTH), &february).await.people, past_of(1, &[&january]));
    let south = fixture.changed(&reader(SOUTH), &february).await;
    assert_eq!((south.people, south.other_people), (vec![], 1), "of another branch only how many");
    assert_eq!(fixture.by_january(&admin).await, touched);

    // It goes away with a correction, which makes nothing else otherwise that a trend reads.
    let correction = fixture.correct(&february).await;
    assert_eq!(fixture.watch(&correction).await.summary.unwrap().corrected_people, 1);
    fixture.publish(&correction).await;
    assert_eq!(fixture.changed(&admin, &february).await, nothing);
    assert_eq!(fixture.changed(&admin, &march).await.people, past_of(1, &[&january]), "it still rests on what was");
    fixture.closed(&march).await;
    assert_eq!(fixture.changed(&admin, &march).await, nothing);
    // What no trend is of was put right.
    fixture.pass(SignedDuration::from_secs(1));
    let late = by("E0001", "late", "2026-01-07T02:00:00Z");
    fixture.import(1, vec![pb::Record { resolved: Some(false), revision: 1, ..late }]).await;
    let correction = fixture.correct(&january).await;
    fixture.publish(&correction).await;
    assert_eq!(fixture.changed(&fixture.admin.clone(), &february).await, nothing);
}

on_both!(what_looks_back_on_what_looks_back_is_touched_as_far_as_that_goes, flavor = "multi_thread");
async fn what_looks_back_on_what_looks_back_is_touched_as_far_as_that_goes(on: Backend) {
    let fixture = months(on, 1..=4).await;
    let flat = fixture.scheme(trending("flat", &[("more", "credited_records")])).await;
    let deep = fixture.scheme(trending("deep", &[("more", "credited_records"), ("faster", "more")])).await;
    let mut cycles = Vec::new();
    for scheme_id in [&flat, &deep] {
        for month in 1..=5 {
            let id = fixture.over(scheme_id, month).await;
            if month < 5 {
                fixture.closed(&id).await;
                fixture.publish(&id).await;
            }
            cycles.push(id);
        }
    }
    let touched = fixture.by_january(&fixture.admin).await;
    let past = |n: usize| {
        let place = |id: &String| cycles.iter().position(|of| of == id).unwrap();
        let of = touched.iter().find(|(id, _, _)| *id == cycles[n]);
        of.map(|(_, _, past)| past.iter().map(place).collect::<Vec<_>>())
    };
    assert_eq!([0, 1, 3].map(past), [Some(vec![]), Some(vec![0]), Some(vec![0])]);
    assert_eq!(past(4), None, "three months are looked back on, and what they had is theirs");
    assert_eq!([5, 6, 8].map(past), [Some(vec![]), Some(vec![5]), Some(vec![5, 6, 7])]);
    assert_eq!(past(9), Some(vec![6, 7, 8]), "what they had is itself held against January");
}

on_both!(what_is_held_against_a_month_that_one_does_not_see_is_told_without_it, flavor = "multi_thread");
async fn what_is_held_against_a_month_that_one_does_not_see_is_told_without_it(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(2, 2)).await;
    for month in 1..=5 {
        for n in 1..=2 {
            let (id, start) = (format!("{month}-{n}"), format!("2026-{month:02}-05T02:00:00Z"));
            assert_eq!(fixture.import(n, vec![by(&format!("E{n:04}"), &id, &start)]).await.problems, []);
        }
    }
    let scheme_id = fixture.scheme(trending("deep", &[("more", "credited_records"), ("faster", "more")])).await;
    let january = fixture.over(&scheme_id, 1).await;
    let mut hidden = Vec::new();
    for month in 2..=4 {
        hidden.push(fixture.over_of(&SOUTH.to_string(), &scheme_id, month).await);
    }
    let may = fixture.over(&scheme_id, 5).await;
    for id in [&january].into_iter().chain(&hidden) {
        fixture.closed(id).await;
        fixture.publish(id).await;
    }
    fixture.closed(&may).await;
    let seen = fixture.by_january(&fixture.admin).await;
    assert_eq!((seen.len(), seen[0].clone()), (5, (may.clone(), 0, hidden)), "the last three months are held against");
    let hr = fixture.of_unit(NORTH, &[Permission::CycleRead, Permission::CardRead]);
    assert_eq!(fixture.by_january(&hr).await, [(may, 0, vec![]), (january, 1, vec![])]);
}

on_both!(a_month_is_touched_by_the_accounts_of_the_teams_that_it_had_on_its_last_day);
async fn a_month_is_touched_by_the_accounts_of_the_teams_that_it_had_on_its_last_day(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(2, 2)).await;
    let scheme_id = fixture.scheme(scheme()).await;
    let mut cycles = Vec::new();
    for month in [1, 3] {
        for unit in [NORTH, SOUTH] {
            cycles.push(fixture.over_of(&unit.to_string(), &scheme_id, month).await);
        }
    }
    // Known once all are made, and nothing of them is read yet.
    let closed = Closed { unit: NORTH, from: date(2026, 3, 10), into: Some(SOUTH) };
    fixture.tell(|told| told.closed = Some(closed));
    let touched = async |month| {
        let told = fixture.by_month(&fixture.admin, month).await.into_iter();
        told.map(|(id, ..)| cycles.iter().position(|of| *of == id)).collect::<Vec<_>>()
    };
    assert_eq!(
        (touched(1).await, touched(3).await),
        (vec![Some(0)], vec![Some(3)]),
        "the team's own, then the other's"
    );
}
