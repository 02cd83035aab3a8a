//! Schemes of what is observed and of teams: over rpc from the facts to the cards, without a record too, and against the past.

use tally_api::attendance::v1 as att;
use tally_api::identity::v1 as idn;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::measure_definition::Of;
use tally_api::performance::v1::subject;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use uuid::Uuid;

use crate::fixture::{Fixture, NORTH, PeerFacts, SOUTH, account, at, by, cycle, person, scheme};

/// Four people: 1 of the north; 2 of the south; 3 leaves the north for the south in the middle of March; 5 leads the north.
fn led() -> PeerFacts {
    let mut told = PeerFacts::of(5, 1);
    told.people.remove(3);
    let moved = &mut told.people[2].employments;
    let north = idn::Employment { to: "2026-03-15".into(), ..moved[0].clone() };
    let south = idn::Employment {
        unit_id: SOUTH.to_string(),
        unit_path: "south/b".into(),
        region: "cn-south".into(),
        from: "2026-03-16".into(),
        ..moved[0].clone()
    };
    *moved = vec![north, south];
    let leader = &mut told.people[3].employments[0];
    (leader.unit_id, leader.unit_path) = (Uuid::from_u128(0xb3).to_string(), "north".into());
    told
}

fn observation(name: &str, aggregation: pb::ObservationAggregation, of: pb::ObservationOf) -> pb::MeasureDefinition {
    let observation = pb::ObservationMeasure { aggregation: aggregation.into(), subject: of.into() };
    pb::MeasureDefinition { name: name.into(), of: Some(Of::Observation(observation)), ..Default::default() }
}

fn of_person(name: &str, aggregation: pb::ObservationAggregation) -> pb::MeasureDefinition {
    observation(name, aggregation, pb::ObservationOf::Person)
}

fn team(name: &str, of: &str) -> pb::MeasureDefinition {
    let team = pb::TeamMeasure { of: of.into(), aggregation: pb::TeamAggregation::Mean.into(), test: None };
    pb::MeasureDefinition { name: name.into(), of: Some(Of::Team(team)), ..Default::default() }
}

fn trend(name: &str, of: &str) -> pb::MeasureDefinition {
    let of = Some(Of::Trend(pb::TrendMeasure { of: of.into() }));
    pb::MeasureDefinition { name: name.into(), of, ..Default::default() }
}

/// A scheme of these measures, as heavy as one another.
fn measuring(names: &[&str], measures: Vec<pb::MeasureDefinition>) -> pb::Scheme {
    let first = scheme().kpis.remove(1);
    let weight = (100 / names.len()).to_string();
    let kpi = |name: &&str| pb::Kpi {
        key: (*name).into(),
        measure: (*name).into(),
        target: "100".into(),
        weight: weight.clone(),
        ..first.clone()
    };
    pb::Scheme { name: "observed".into(), kpis: names.iter().map(kpi).collect(), measures, ..Default::default() }
}

fn shift(p: u128, start: &str, end: &str) -> att::Shift {
    let (person_id, account_id) = (person(p).to_string(), account(1).to_string());
    att::Shift { person_id, account_id, start: at(start), end: at(end), ..Default::default() }
}

fn punch(p: u128, when: &str, kind: att::PunchKind) -> att::Punch {
    att::Punch { person_id: person(p).to_string(), at: at(when), kind: kind.into(), ..Default::default() }
}

fn hours(of: subject::Of, day: &str, value: &str) -> pb::Observation {
    let subject = Some(pb::Subject { of: Some(of) });
    let (measure, source) = ("training".to_owned(), "school".to_owned());
    pb::Observation { measure, subject, from: day.into(), value: value.into(), source, ..Default::default() }
}

impl Fixture {
    async fn sent(&self, rows: Vec<pb::Observation>) {
        let ask = pb::ImportObservationsRequest { rows, ..Default::default() };
        let reply = self.observations().import_observations(self.admin.request(ask)).await.unwrap().into_inner();
        assert_eq!(reply.result.unwrap().problems, []);
    }

    /// Value and reason of leaving out of each indicator of a person.
    async fn lines(&self, cycle_id: &str, p: u128) -> Vec<(String, String, pb::DropReason)> {
        let ask =
            pb::GetCardRequest { cycle_id: cycle_id.into(), person_id: person(p).to_string(), ..Default::default() };
        let card = self.cards().get_card(self.admin.request(ask)).await.unwrap().into_inner().card.unwrap();
        card.lines.into_iter().map(|line| (line.kpi.clone(), line.value.clone(), line.dropped())).collect()
    }

    async fn measured(&self, cycle_id: &str, p: u128) -> Vec<String> {
        self.lines(cycle_id, p).await.into_iter().map(|(_, value, _)| value).collect()
    }

    async fn found(&self, cycle_id: &str) -> Vec<(String, String)> {
        let ask = pb::ListFindingsRequest { cycle_id: cycle_id.into(), ..Default::default() };
        let found = self.attribution().list_findings(self.admin.request(ask)).await.unwrap().into_inner().findings;
        found.into_iter().map(|one| (one.kind, one.subject)).collect()
    }

    /// What is told of observations that count for nothing.
    async fn uncounted(&self, cycle_id: &str) -> Vec<String> {
        let ask = pb::ListFindingsRequest { cycle_id: cycle_id.into(), ..Default::default() };
        let found = self.attribution().list_findings(self.admin.request(ask)).await.unwrap().into_inner().findings;
        found.into_iter().filter(|one| one.kind.starts_with("OBSERVATIONS_")).map(|one| one.detail).collect()
    }

    async fn published(&self, cycle_id: &str) {
        let ask = pb::PublishCycleRequest { cycle_id: cycle_id.into(), ..Default::default() };
        self.cycles().publish_cycle(self.admin.request(ask)).await.unwrap();
    }

    /// Closes a month of this year with a scheme.
    async fn month(&self, scheme_id: &str, month: i8) -> pb::Cycle {
        let from = jiff::civil::date(2026, month, 1);
        let period =
            Some(tally_api::common::v1::Period { from: from.to_string(), to: from.last_of_month().to_string() });
        let cycle_id = self.make(pb::Cycle { period, ..cycle(scheme_id) }).await.unwrap();
        let closed = self.close(&cycle_id).await;
        assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
        closed
    }
}

on_both!(what_is_observed_of_people_who_come_and_go_is_rolled_up_by_day, flavor = "multi_thread");
async fn what_is_observed_of_people_who_come_and_go_is_rolled_up_by_day(on: Backend) {
    let mut told = led();
    // 1 is in time once and late once; 3 is in time while in the north and late in the south. A punch out says nothing.
    told.shifts = vec![
        shift(1, "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z"),
        shift(1, "2026-03-03T01:00:00Z", "2026-03-03T09:00:00Z"),
        shift(3, "2026-03-04T01:00:00Z", "2026-03-04T09:00:00Z"),
        shift(3, "2026-03-25T01:00:00Z", "2026-03-25T09:00:00Z"),
    ];
    let came = att::PunchKind::In;
    told.punches = vec![
        punch(1, "2026-03-02T00:55:00Z", came),
        punch(1, "2026-03-03T00:50:00Z", att::PunchKind::Out),
        punch(1, "2026-03-03T01:10:00Z", came),
        punch(3, "2026-03-04T00:59:59Z", came),
        punch(3, "2026-03-25T01:02:00Z", came),
    ];
    let fixture = Fixture::working(on, told).await;
    fixture.import(1, vec![by("E0001", "a", "2026-03-02T01:00:00Z")]).await;
    let person_id = |n| subject::Of::PersonId(person(n).to_string());
    fixture.sent(vec![hours(person_id(1), "2026-03-10", "4"), hours(person_id(3), "2026-03-20", "8")]).await;
    let beyond = pb::Observation { to: "2026-04-02".into(), ..hours(person_id(1), "2026-03-25", "100") };
    let called =
        |measure: &str, day: &str| pb::Observation { measure: measure.into(), ..hours(person_id(1), day, "1") };
    let misspelt = [called("trainings", "2026-03-02"), called("trainings", "2026-03-03")];
    let others = [called("kept", "2026-03-02"), called("trainings", "2026-02-02")];
    fixture.sent([beyond].into_iter().chain(misspelt).chain(others).collect()).await;
    use pb::ObservationAggregation::{Mean, Sum};
    let kept = measuring(&["kept"], vec![of_person("kept", Sum)]);
    fixture.scheme(pb::Scheme { name: "of others".into(), ..kept }).await;
    let measures = vec![
        of_person("training", Sum),
        of_person("punctuality", Mean),
        team("team_training", "training"),
        team("team_punctuality", "punctuality"),
        of_person("mood", Mean),
    ];
    let names = ["training", "punctuality", "team_training", "team_punctuality", "mood"];
    let scheme_id = fixture.scheme(measuring(&names, measures)).await;
    let cycle_id = fixture.make(cycle(&scheme_id)).await.unwrap();
    let closed = fixture.close(&cycle_id).await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    assert_eq!(closed.summary.unwrap().people, 4, "everybody who is employed");
    assert_eq!(fixture.measured(&cycle_id, 1).await[..2], ["4", "50"]);
    assert_eq!(fixture.measured(&cycle_id, 3).await[..2], ["8", "50"]);
    // 31 days of person 1 and 15 of person 3: (31 * 4 + 15 * 0) / 46 and (31 * 50 + 15 * 100) / 46.
    assert_eq!(fixture.measured(&cycle_id, 5).await[2..4], ["2.695652", "66.304348"]);
    // The whole of March of 2 in the south, with 3 for 16 days: what is of the own team alone.
    assert_eq!(fixture.measured(&cycle_id, 2).await[2..4], ["8", "0"]);
    let mood = fixture.lines(&cycle_id, 1).await.pop().unwrap();
    assert_eq!(mood.2, pb::DropReason::NobodyHasData);
    assert!(fixture.found(&cycle_id).await.contains(&("MEASURE_NOT_SENT".into(), "mood".into())));
    assert_eq!(
        fixture.uncounted(&cycle_id).await,
        [
            "one observation of \"training\" reaches beyond the period from 2026-03-01 to 2026-03-31 and counts for nothing: an \
             observation counts in a period that holds all of its days",
            "2 observations of \"trainings\" in the period count for nothing: no indicator of this scheme reads the measure, and \
             none of any other scheme in use (is training meant?)",
        ],
        "what another scheme reads, and what is of another month, is told to nobody"
    );
}

on_both!(a_month_without_a_record_closes_where_the_scheme_needs_none, flavor = "multi_thread");
async fn a_month_without_a_record_closes_where_the_scheme_needs_none(on: Backend) {
    let fixture = Fixture::working(on, led()).await;
    let unit = subject::Of::UnitId(NORTH.to_string());
    let seen =
        pb::Observation { to: "2026-03-31".into(), measure: "visitors".into(), ..hours(unit, "2026-03-01", "310") };
    let of_south = subject::Of::UnitId(SOUTH.to_string());
    let misspelt = pb::Observation { measure: "visitor".into(), ..hours(of_south, "2026-03-01", "310") };
    fixture.sent(vec![seen, misspelt]).await;
    let visitors = observation("visitors", pb::ObservationAggregation::Sum, pb::ObservationOf::Unit);
    let measures = vec![visitors, team("team_resolved", "resolved")];
    let observed = fixture.scheme(measuring(&["visitors", "team_resolved"], measures)).await;
    let closed = fixture.month(&observed, 3).await;
    let summary = closed.summary.clone().unwrap();
    assert_eq!((summary.records, summary.credited, summary.people), (0, 0, 4));
    assert_eq!(fixture.measured(&closed.cycle_id, 1).await[0], "310");
    assert_eq!(fixture.measured(&closed.cycle_id, 3).await[0], "150", "15 of 31 days");
    let found = fixture.found(&closed.cycle_id).await;
    assert!(found.contains(&("MEASURE_NOT_SENT".into(), "team_resolved".into())), "{found:?}");
    fixture.published(&closed.cycle_id).await;

    let of_unit = pb::Cycle { unit_id: NORTH.to_string(), ..cycle(&observed) };
    let cycle_id = fixture.make(of_unit).await.unwrap();
    assert_eq!(fixture.close(&cycle_id).await.summary.unwrap().people, 1, "of a unit likewise: 3 ends in the south");
    let told = (fixture.uncounted(&closed.cycle_id).await.len(), fixture.uncounted(&cycle_id).await.len());
    assert_eq!(told, (1, 0), "what is of another branch is told to the group");
    let records = fixture.scheme(scheme()).await;
    let cycle_id = fixture.make(cycle(&records)).await.unwrap();
    let failed = fixture.close(&cycle_id).await;
    assert_eq!(failed.failure_reason, "PERIOD_WITHOUT_RECORDS", "of records nothing can be said");
}

on_both!(a_trend_is_against_published_months_of_the_same_scheme_alone, flavor = "multi_thread");
async fn a_trend_is_against_published_months_of_the_same_scheme_alone(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(2, 1)).await;
    let person_id = |n| subject::Of::PersonId(person(n).to_string());
    for (month, one, two) in [(1, "10", "7"), (2, "20", ""), (3, "18", "5")] {
        let day = format!("2026-{month:02}-10");
        let rows = [(1, one), (2, two)].into_iter().filter(|(_, value)| !value.is_empty());
        fixture.sent(rows.map(|(n, value)| hours(person_id(n), &day, value)).collect()).await;
    }
    let measures = || vec![of_person("training", pb::ObservationAggregation::Sum), trend("more", "training")];
    // What the trend is of is no indicator: its values are kept nevertheless.
    let scheme_of = |name: &str| pb::Scheme { name: name.into(), ..measuring(&["more", "training"], measures()) };
    let scheme_id = fixture.scheme(scheme_of("own")).await;
    let other = fixture.month(&fixture.scheme(scheme_of("another")).await, 2).await;
    fixture.published(&other.cycle_id).await;

    let january = fixture.month(&scheme_id, 1).await;
    let dropped = |lines: Vec<(String, String, pb::DropReason)>| lines[0].2;
    use pb::DropReason::{NoPast, Unspecified};
    assert_eq!(dropped(fixture.lines(&january.cycle_id, 1).await), NoPast);
    assert!(fixture.found(&january.cycle_id).await.contains(&("MEASURE_NOT_SENT".into(), "more".into())));
    fixture.published(&january.cycle_id).await;
    let february = fixture.month(&scheme_id, 2).await;
    assert_eq!(fixture.measured(&february.cycle_id, 1).await[0], "100", "20 against 10");
    let unpublished = fixture.month(&scheme_id, 3).await;
    assert_eq!(fixture.measured(&unpublished.cycle_id, 1).await[0], "80", "18 against 10: February is not published");
    fixture.published(&february.cycle_id).await;
    let march = fixture.month(&scheme_id, 3).await;
    assert_eq!(fixture.measured(&march.cycle_id, 1).await[0], "20", "18 against the mean of 20 and 10");
    assert_eq!(fixture.measured(&march.cycle_id, 2).await[0], "-28.571429", "5 against 7: nothing in February");
    let ask =
        pb::GetCardRequest { cycle_id: march.cycle_id.clone(), person_id: person(1).to_string(), ..Default::default() };
    let card = fixture.cards().get_card(fixture.admin.request(ask)).await.unwrap().into_inner().card.unwrap();
    let past = "20 from 2026-02-01 to 2026-02-28; 10 from 2026-01-01 to 2026-01-31";
    assert!(card.lines[0].note.contains(past), "{}", card.lines[0].note);
    let again = fixture.month(&scheme_id, 3).await;
    assert_eq!(again.summary.unwrap().digest, march.summary.unwrap().digest, "the same past, the same bytes");

    // Measured otherwise since: what was before is something else.
    let mut changed = scheme_of("own");
    changed.measures[0] = of_person("training", pb::ObservationAggregation::Mean);
    fixture.scheme(changed).await;
    let anew = fixture.month(&scheme_id, 3).await;
    assert_eq!(dropped(fixture.lines(&anew.cycle_id, 1).await), NoPast);
    assert_eq!(fixture.lines(&anew.cycle_id, 1).await[1].2, Unspecified);
}
