//! What branches share: accounts of two, accounts of no team, and months that are scored from a run of the group.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use tally_access::{Border, Permission, Reach, Stay, Stays};
use tally_api::attendance::v1::{self as att, DutyRule};
use tally_api::identity::v1 as idn;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::ScheduleRunState::{Done, Failed, Waiting};
use tally_api::performance::v1::measure_definition::Of;
use tally_kernel::id::OrgUnitId;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::currencies::{paid, rate, selling};
use crate::fake_peers::Closed;
use crate::fixture::{
    Fixture, NORTH, PeerFacts, SOUTH, TENANT, account, cycle, import, person, reason, record, scheme,
};
use crate::schedules::{DUE, dry, ready, schedule};

const MORNING: (&str, &str) = ("2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z");

/// North has E0001 and E0003 on its accounts 1 and 3, south E0002 and E0004 on 2 and 4.
fn apart() -> PeerFacts {
    let mut told = PeerFacts::of(4, 5);
    for n in 1..=4 {
        told.on_duty(n, n, DutyRule::Roster, MORNING.0, MORNING.1);
    }
    told
}

/// With records of the accounts of both.
async fn working(on: Backend, told: PeerFacts) -> Fixture {
    let fixture = Fixture::working(on, told).await;
    for n in 1..=4 {
        fixture.import(n, vec![record(&format!("{n}"), "2026-03-02T01:00:00Z")]).await;
    }
    fixture
}

fn north() -> String {
    NORTH.to_string()
}

impl Fixture {
    async fn of_run(&self, attribution_run_id: &str) -> pb::AttributionRun {
        let ask = pb::GetAttributionRunRequest { attribution_run_id: attribution_run_id.into() };
        self.runs().get_attribution_run(self.admin.request(ask)).await.unwrap().into_inner().run.unwrap()
    }

    /// Closes a new cycle of a unit from a run, or a run of its own.
    async fn month_of(&self, unit_id: &str, scheme_id: &str, run: &str) -> pb::Cycle {
        let id = self.make(pb::Cycle { unit_id: unit_id.into(), ..cycle(scheme_id) }).await.unwrap();
        self.close_from(&id, run).await
    }
}

on_both!(an_account_of_no_team_that_whoever_is_at_work_serves_keeps_no_branch_from_its_month, flavor = "multi_thread");
async fn an_account_of_no_team_that_whoever_is_at_work_serves_keeps_no_branch_from_its_month(on: Backend) {
    let mut told = apart();
    let nobodys = &mut told.accounts[4];
    (nobodys.team_path, nobodys.unit_id, nobodys.region) = (String::new(), String::new(), "*".into());
    for n in 1..=4 {
        told.on_duty(5, n, DutyRule::Punch, MORNING.0, MORNING.1);
    }
    let fixture = working(on, told).await;
    let of_group = pb::ImportRecordsRequest {
        unit_id: String::new(),
        region: "*".into(),
        ..import(5, vec![record("5", "2026-03-02T02:00:00Z")])
    };
    fixture.records().import_records(fixture.admin.request(of_group)).await.unwrap();
    let scheme_id = fixture.scheme(scheme()).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    for unit in [north(), SOUTH.to_string()] {
        let own = fixture.month_of(&unit, &scheme_id, "").await;
        assert_eq!(own.state(), pb::CycleState::Reviewable, "{}", own.failure);
        let (own, from_group) = (own.summary, fixture.month_of(&unit, &scheme_id, &run).await.summary);
        assert_eq!(own, from_group, "everybody at work has a part of it, whoever asks");
        let summary = own.unwrap();
        assert_eq!((summary.people, summary.outside_people, summary.records), (2, 2, 5));
    }
    let ask = pb::ListAttributionRunsRequest::default();
    let runs = fixture.runs().list_attribution_runs(fixture.admin.request(ask)).await.unwrap().into_inner().runs;
    assert!(runs.iter().any(|run| run.unit_id == north()), "it is the branch's");
    // One of the south who is rostered there, beside one of the north, shares it.
    for n in [1, 2] {
        fixture.tell(|told| told.on_duty(5, n, DutyRule::Roster, MORNING.0, MORNING.1));
    }
    let failed = fixture.month_of(&north(), &scheme_id, "").await;
    assert_eq!(failed.failure_reason, "RUN_BELONGS_ABOVE");
    assert!(failed.failure.contains("JD/shop/a0005") && failed.failure.contains("south"), "{}", failed.failure);
}

on_both!(whoever_comes_to_a_branch_when_the_month_is_over_keeps_it_from_nothing, flavor = "multi_thread");
async fn whoever_comes_to_a_branch_when_the_month_is_over_keeps_it_from_nothing(on: Backend) {
    let mut told = apart();
    // E0002 of the south was on the north's account until the day before March, and comes there again on 1 April: midnights of Shanghai.
    told.on_duty(1, 2, DutyRule::Team, "2026-02-27T16:00:00Z", "2026-02-28T16:00:00Z");
    told.on_duty(1, 2, DutyRule::Team, "2026-03-31T16:00:00Z", "2026-04-01T16:00:00Z");
    let fixture = working(on, told).await;
    let by_south = |id: &str, at: &str| pb::Record { agent: "E0002".into(), ..record(id, at) };
    fixture
        .import(1, vec![by_south("before", "2026-02-28T15:59:59Z"), by_south("after", "2026-03-31T16:00:00Z")])
        .await;
    let scheme_id = fixture.scheme(scheme()).await;
    let own = fixture.month_of(&north(), &scheme_id, "").await;
    assert_eq!(own.state(), pb::CycleState::Reviewable, "{}", own.failure);
    let summary = own.summary.unwrap();
    assert_eq!((summary.people, summary.outside_people, summary.records), (2, 0, 2));
    let ask = pb::ListAttributionRunsRequest::default();
    let runs = fixture.runs().list_attribution_runs(fixture.admin.request(ask)).await.unwrap().into_inner().runs;
    assert_eq!((runs[0].unit_id.as_str(), runs.len()), (north().as_str(), 1));
    // In its last second it is of March.
    fixture.import(1, vec![by_south("last", "2026-03-31T15:59:59Z")]).await;
    let failed = fixture.month_of(&north(), &scheme_id, "").await;
    assert_eq!(failed.failure_reason, "RUN_BELONGS_ABOVE");
}

/// Closes north's team from the 10th on and moves its people to another unit: E0001, and E0003, who left on the fifth.
fn goes_to(told: &mut PeerFacts, into: OrgUnitId, path: &str) {
    told.closed = Some(Closed { unit: NORTH, from: jiff::civil::date(2026, 3, 10), into: Some(into) });
    let [unit_id, path, from] = [into.to_string(), path.to_owned(), "2026-03-10".to_owned()];
    let stays = &mut told.people[0].employments;
    stays[0].to = "2026-03-09".into();
    stays.push(idn::Employment { unit_id, unit_path: path, from, to: String::new(), ..stays[0].clone() });
    told.people[2].employments[0].to = "2026-03-05".into();
}

on_both!(what_a_closed_team_did_is_of_the_branch_that_its_people_went_to, flavor = "multi_thread");
async fn what_a_closed_team_did_is_of_the_branch_that_its_people_went_to(on: Backend) {
    let fixture = working(on, apart()).await;
    let scheme_id = fixture.scheme(scheme()).await;
    let branch = OrgUnitId(uuid::Uuid::from_u128(0xb3));
    let own_run = |unit_id: &str| pb::AttributionRun {
        unit_id: unit_id.into(),
        account_ids: vec![account(1).to_string()],
        ..Default::default()
    };
    // Within the branch: its own run is of the unit that goes on, whoever left before included.
    fixture.tell(|told| goes_to(told, branch, "north"));
    let month = fixture.month_of(&branch.to_string(), &scheme_id, "").await;
    assert_eq!(month.state(), pb::CycleState::Reviewable, "{}", month.failure);
    let summary = month.summary.unwrap();
    assert_eq!((summary.people, summary.outside_people, summary.records), (2, 0, 2));
    let run = fixture.attribute(own_run(&branch.to_string())).await;
    assert_eq!((run.state(), run.unit_id.as_str()), (pb::AttributionRunState::Done, branch.to_string().as_str()));
    assert_eq!(fixture.of_run(&month.attribution_run_id).await.unit_id, branch.to_string());

    // Closed once everybody was moved by hand: it stays with the branch all the same.
    fixture.tell(|told| told.closed.as_mut().unwrap().into = None);
    let month = fixture.month_of(&branch.to_string(), &scheme_id, "").await;
    assert_eq!(month.state(), pb::CycleState::Reviewable, "{}", month.failure);
    assert_eq!(month.summary.unwrap().records, 2);
    fixture.tell(|told| told.closed.as_mut().unwrap().into = Some(branch));

    // Whoever left it served an account of the other branch: a refusal calls the team as the unit that it goes on in.
    fixture.tell(|told| told.on_duty(2, 3, DutyRule::Roster, MORNING.0, MORNING.1));
    let failed = fixture.month_of(&SOUTH.to_string(), &scheme_id, "").await;
    assert_eq!(failed.failure_reason, "RUN_BELONGS_ABOVE");
    let told = &failed.failure;
    assert!(told.contains("JD/shop/a0002") && told.contains("north") && !told.contains(&north()), "{told}");

    // To another branch: the month is the other's, with all that the team did in it. E0003, who left before that, was never of it, and stays with the
    // branch that had the team on the fifth. So accounts of the one were served by somebody of the other.
    fixture.tell(|told| {
        *told = PeerFacts { corrections: told.corrections.clone(), ..apart() };
        goes_to(told, SOUTH, "south/b");
    });
    let (south, branch) = (SOUTH.to_string(), branch.to_string());
    let run = fixture.attribute(own_run(&south)).await;
    assert_eq!((run.state(), run.unit_id.as_str()), (pb::AttributionRunState::Done, south.as_str()));
    let failed = fixture.month_of(&south, &scheme_id, "").await;
    assert_eq!(failed.failure_reason, "RUN_BELONGS_ABOVE");
    assert!(failed.failure.contains("JD/shop/a0003") && failed.failure.contains("north"), "{}", failed.failure);
    let failed = fixture.month_of(&branch, &scheme_id, "").await;
    assert_eq!(failed.failure_reason, "RUN_BELONGS_ABOVE");
    assert!(failed.failure.contains("south") && !failed.failure.contains("JD/shop"), "{}", failed.failure);
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    let mut months = Vec::new();
    for (unit, people) in [(&south, &[1, 2, 4][..]), (&branch, &[3][..])] {
        let month = fixture.month_of(unit, &scheme_id, &run).await;
        assert_eq!(month.state(), pb::CycleState::Reviewable, "{}", month.failure);
        let (there, summary) = (u32::try_from(people.len()).unwrap(), month.summary.as_ref().unwrap());
        assert_eq!((summary.people, summary.outside_people, summary.records), (there, 4 - there, 4));
        let ask =
            pb::PreviewPopulationRequest { unit_id: unit.clone(), period: month.period.clone(), ..Default::default() };
        let told = fixture.cycles().preview_population(fixture.admin.request(ask)).await.unwrap().into_inner();
        let members: Vec<_> = told.members.into_iter().map(|member| (member.person_id, member.included)).collect();
        assert_eq!(members, people.iter().map(|n| (person(*n).to_string(), true)).collect::<Vec<_>>());
        months.push(month);
    }
    reads(&fixture, &months).await;
    // Who was in the branch on an earlier day is in its cycle by that, and served what is the other's by the last day.
    let population = Some(pb::Population { as_of: "2026-03-09".into(), ..Default::default() });
    let earlier = pb::Cycle { unit_id: north(), population, ..cycle(&scheme_id) };
    let cycle_id = fixture.make(earlier).await.unwrap();
    let ask = pb::CloseCycleRequest { cycle_id: cycle_id.clone(), ..Default::default() };
    assert_eq!(reason(fixture.cycles().close_cycle(fixture.admin.request(ask)).await), "RUN_COVERS_PART");
    let month = fixture.close_from(&cycle_id, &run).await;
    assert_eq!((month.state(), month.summary.unwrap().people), (pb::CycleState::Reviewable, 2));
}

/// Each branch reads the cards of its own month, and of the group's those of the people whom it had on their last day there.
async fn reads(fixture: &Fixture, months: &[pb::Cycle]) {
    let group = fixture.month_of("", &months[0].scheme_id, &months[0].attribution_run_id).await;
    let tenth = Border::before(jiff::civil::date(2026, 3, 10), &jiff::tz::TimeZone::UTC);
    let (until, from) = (Stay { from: None, until: Some(tenth) }, Stay { from: Some(tenth), until: None });
    let reader = |own: OrgUnitId, today, of_team: Stay| {
        let moved = [(NORTH, Stays::new(today, [of_team]))].into();
        let reach = Reach { units: [own].into_iter().collect(), moved, ..Reach::default() };
        fixture.callers.person(TENANT, None, [Permission::CardRead].map(|permission| (permission, reach.clone())))
    };
    let branch = OrgUnitId(uuid::Uuid::from_u128(0xb3));
    for (at, by, own) in [(0, reader(SOUTH, true, from), [1, 2, 4].as_slice()), (1, reader(branch, false, until), &[3])]
    {
        for month in [&months[at], &group] {
            let ask = pb::ListCardsRequest { cycle_id: month.cycle_id.clone(), ..Default::default() };
            let cards = fixture.cards().list_cards(by.request(ask)).await.unwrap().into_inner().cards;
            let read: BTreeSet<_> = cards.into_iter().map(|card| card.person_id).collect();
            assert_eq!(read, own.iter().map(|n| person(*n).to_string()).collect());
        }
    }
}

on_both!(a_branch_whose_people_have_no_records_is_told_of_whom_there_are_some, flavor = "multi_thread");
async fn a_branch_whose_people_have_no_records_is_told_of_whom_there_are_some(on: Backend) {
    let fixture = Fixture::working(on, apart()).await;
    fixture.import(2, vec![record("souths", "2026-03-02T01:00:00Z"), record("nobodys", "2026-03-09T01:00:00Z")]).await;
    let scheme_id = fixture.scheme(scheme()).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    let from_group = fixture.month_of(&north(), &scheme_id, &run).await;
    assert_eq!(from_group.failure_reason, "NOBODY_CREDITED");
    assert!(from_group.failure.contains("(1 of 2)"), "{}", from_group.failure);
    let own = fixture.month_of(&north(), &scheme_id, "").await;
    assert_eq!(own.failure_reason, "PERIOD_WITHOUT_RECORDS");
    assert!(own.failure.contains("of an account of its unit"), "{}", own.failure);
}

/// Sales, and how many customers came back to buy again, of oneself; or of the team.
fn buying_again() -> pb::Scheme {
    let test = Some(pb::Threshold { is: pb::Comparison::Above.into(), value: "0".into() });
    let (value, aggregation) = ("amount".into(), pb::RecordAggregation::Count.into());
    let sales = pb::RecordMeasure { value, aggregation, test, ..Default::default() };
    let again = pb::RepeatMeasure { of: "sold".into(), after: String::new(), within_days: 7 };
    let define = |name: &str, of| pb::MeasureDefinition {
        name: name.into(),
        direction: pb::Direction::Higher.into(),
        of: Some(of),
        ..Default::default()
    };
    let mut scheme = pb::Scheme { name: "again".into(), ..scheme() };
    scheme.measures = vec![define("sold", Of::Record(sales)), define("again", Of::Repeat(again))];
    scheme.kpis[1].measure = "again".into();
    scheme
}

/// Sales of the team beside those of oneself.
fn leading() -> pb::Scheme {
    let team = pb::TeamMeasure { of: "amount".into(), aggregation: pb::TeamAggregation::Mean.into(), test: None };
    let mut scheme = pb::Scheme { name: "leading".into(), ..selling("") };
    let of = Some(Of::Team(team));
    scheme.measures = vec![pb::MeasureDefinition { name: "team".into(), of, ..Default::default() }];
    scheme.kpis[0].measure = "team".into();
    scheme
}

on_both!(a_rate_that_is_missing_refuses_a_branch_only_where_a_card_of_its_rests_on_the_record, flavor = "multi_thread");
async fn a_rate_that_is_missing_refuses_a_branch_only_where_a_card_of_its_rests_on_the_record(on: Backend) {
    let mut told = apart();
    told.on_duty(1, 2, DutyRule::Roster, MORNING.0, MORNING.1);
    let fixture = working(on, told).await;
    let sold = |agent: &str, id: &str, hour: u32, currency: &str| pb::Record {
        agent: agent.into(),
        customer: "c".into(),
        ..paid(id, &format!("2026-03-02T0{hour}:00:00Z"), 1_000, currency)
    };
    // On the north's account, and the north's alone; the south sells there too, and to the same customer.
    fixture.import(1, vec![sold("E0001", "krw", 3, "KRW"), sold("E0002", "yuan", 4, "")]).await;
    fixture.import(1, vec![paid("nobodys", "2026-03-02T12:00:00Z", 1_000, "KRW")]).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    let (sales, teams) = (fixture.scheme(selling("")).await, fixture.scheme(leading()).await);
    let again = fixture.scheme(buying_again()).await;
    let south = SOUTH.to_string();
    for (unit, scheme_id, reason) in [
        (&south, &sales, ""),
        (&south, &teams, ""),
        (&south, &again, "RECORD_ELSEWHERE"),
        (&north(), &sales, "RECORD_RATE_MISSING"),
        (&north(), &teams, "RECORD_RATE_MISSING"),
        (&String::new(), &sales, "RECORD_RATE_MISSING"),
    ] {
        let closed = fixture.month_of(unit, scheme_id, &run).await;
        assert_eq!(closed.failure_reason, reason, "{unit} {}", closed.failure);
        let names = closed.failure.contains("a0001") || closed.failure.contains("krw");
        assert_eq!(names, reason == "RECORD_RATE_MISSING", "{}", closed.failure);
    }
}

on_both!(a_run_of_the_group_looks_back_and_a_rate_put_right_is_told_of_whose_cards_rest_on_it, flavor = "multi_thread");
async fn a_run_of_the_group_looks_back_and_a_rate_put_right_is_told_of_whose_cards_rest_on_it(on: Backend) {
    let mut told = apart();
    told.rates = vec![rate("KRW", "0.005", "2026-02-01")];
    let fixture = working(on, told).await;
    let again = fixture.scheme(buying_again()).await;
    let sold =
        |id: &str, at: &str, currency: &str| pb::Record { customer: "c".into(), ..paid(id, at, 100_000, currency) };
    let norths = vec![sold("february", "2026-02-27T01:00:00Z", "KRW"), sold("krw", "2026-03-02T03:00:00Z", "KRW")];
    fixture.import(1, norths).await;
    fixture.import(2, vec![sold("yuan", "2026-03-02T03:00:00Z", "")]).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    let closed = fixture.month_of(&north(), &again, &run).await;
    assert_eq!(
        closed.failure_reason, "",
        "whoever names the run may look back as far as any scheme in use: {}",
        closed.failure
    );
    let (sales, teams) = (fixture.scheme(selling("")).await, fixture.scheme(leading()).await);
    let mut cycles = Vec::new();
    for (unit, scheme_id) in [(north(), &sales), (SOUTH.to_string(), &sales), (String::new(), &teams)] {
        let closed = fixture.month_of(&unit, scheme_id, &run).await;
        assert_eq!(closed.state(), pb::CycleState::Reviewable, "{unit} {}", closed.failure);
        cycles.push(closed.cycle_id);
    }
    fixture.tell(|told| told.rates.push(rate("KRW", "0.006", "2026-03-01")));
    let changed = futures::future::join_all(cycles.iter().map(|id| fixture.rates_changed(id))).await;
    let told = vec!["KRW/CNY 2026-03-02 2026-03-02"];
    assert_eq!(changed, [told.clone(), Vec::new(), told], "the south sold nothing for won");
}

on_both!(a_run_of_a_branch_of_its_own_is_not_refused_for_what_nobody_of_it_is_credited_with, flavor = "multi_thread");
async fn a_run_of_a_branch_of_its_own_is_not_refused_for_what_nobody_of_it_is_credited_with(on: Backend) {
    let fixture = working(on, apart()).await;
    fixture
        .import(1, vec![paid("nobodys", "2026-03-02T12:00:00Z", 1_000, "KRW"), paid("yuan", MORNING.0, 700, "")])
        .await;
    let sales = fixture.scheme(selling("")).await;
    let closed = fixture.month_of(&north(), &sales, "").await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    let ask = pb::ListCardsRequest { cycle_id: closed.cycle_id, ..Default::default() };
    let cards = fixture.cards().list_cards(fixture.admin.request(ask)).await.unwrap().into_inner().cards;
    let values: Vec<_> = cards.iter().filter_map(|card| card.lines.iter().find(|line| line.kpi == "amount")).collect();
    assert!(values.iter().any(|line| line.value == "7"), "{values:?}");
    assert_eq!(fixture.month_of("", &sales, "").await.failure_reason, "RECORD_RATE_MISSING", "the group's as before");
    fixture.import(1, vec![pb::Record { agent: "E0001".into(), ..paid("hers", MORNING.0, 1_000, "KRW") }]).await;
    let failed = fixture.month_of(&north(), &sales, "").await;
    assert_eq!(failed.failure_reason, "RECORD_RATE_MISSING");
    assert!(failed.failure.contains("hers"), "{}", failed.failure);
}

on_both!(a_branch_that_shares_an_account_is_closed_by_itself_from_the_run_of_the_group, flavor = "multi_thread");
async fn a_branch_that_shares_an_account_is_closed_by_itself_from_the_run_of_the_group(on: Backend) {
    let (mut fixture, scheme) = ready(on).await;
    fixture.tell(|told| told.on_duty(1, 2, DutyRule::Roster, MORNING.0, MORNING.1));
    let of_north = pb::Schedule { unit_id: north(), run_from_above: true, ..dry(&scheme) };
    let made = fixture.schedule(of_north).await;
    assert!(made.run_from_above);
    let id = made.schedule_id;
    fixture.work();
    fixture.until(DUE);
    let waits = "waits for an attribution run of 2026-03-01 to 2026-03-31";
    let told = fixture.reach(&id, &[Waiting]).await.remove(0);
    assert!(told.log.last().unwrap().text.starts_with(waits), "{:?}", told.log);
    // What would not do is told, and waited on.
    let inference_off = Some(pb::AttributionPolicy { inference_off: true, ..Default::default() });
    let of_accounts = |n| pb::AttributionRun { account_ids: vec![account(n).to_string()], ..Default::default() };
    for (run, why) in [
        (of_accounts(1), "is about a part of what is closed"),
        (pb::AttributionRun { policy: inference_off, ..Default::default() }, "has another policy than this schedule"),
    ] {
        let run = fixture.attribute(run).await;
        assert_eq!((run.state(), run.unit_id.as_str()), (pb::AttributionRunState::Done, ""), "{}", run.failure);
        fixture.move_on(SignedDuration::from_mins(60));
        let told = tally_testkit::eventually("what is wrong with the newest run is told", async || {
            let run = fixture.schedule_runs(&id).await.remove(0);
            run.log.last().is_some_and(|line| line.text.contains(why)).then_some(run)
        });
        let told = told.await;
        assert_eq!((told.state(), told.next_at), (Waiting, None));
        assert!(told.log.last().unwrap().text.contains(&run.attribution_run_id), "{:?}", told.log);
    }
    assert!(fixture.cycles_there().await.is_empty(), "nothing is made before it can be closed");
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    fixture.move_on(SignedDuration::from_mins(10));
    let done = fixture.reach(&id, &[Done]).await.remove(0);
    let cycles = fixture.cycles_there().await;
    assert_eq!((cycles.len(), &cycles[0].attribution_run_id, &cycles[0].cycle_id), (1, &run, &done.cycle_id));
    assert_eq!(done.log.iter().filter(|line| line.text.starts_with(waits)).count(), 3, "{:?}", done.log);
    assert!(done.log.iter().any(|line| line.text == format!("scores from the attribution run {run}")));
}

on_both!(a_month_that_came_to_nothing_is_begun_again_with_the_cycle_that_it_had, flavor = "multi_thread");
async fn a_month_that_came_to_nothing_is_begun_again_with_the_cycle_that_it_had(on: Backend) {
    let (mut fixture, scheme_id) = ready(on).await;
    let duty = std::cell::RefCell::new(Vec::<att::AccountOccupancy>::new());
    fixture.tell(|told| duty.replace(std::mem::take(&mut told.duty)).clear());
    let made = fixture.schedule(schedule(&scheme_id)).await;
    let id = made.schedule_id.clone();
    fixture.work();
    fixture.until(DUE);
    let failed = fixture.reach(&id, &[Failed]).await.remove(0);
    assert_eq!(failed.failure_reason, "NOBODY_CREDITED");
    let other = fixture.scheme(pb::Scheme { name: "other".into(), ..scheme() }).await;
    let shown = fixture.scheduled(&id).await;
    let ask = pb::UpdateScheduleRequest {
        schedule: Some(pb::Schedule { scheme_id: other.clone(), name: "Anew".into(), ..shown }),
        ..Default::default()
    };
    fixture.schedules().update_schedule(fixture.admin.request(ask)).await.unwrap();
    for end in [Failed, Done] {
        let ask =
            pb::BeginScheduleRunRequest { schedule_id: id.clone(), month: "2026-03".into(), ..Default::default() };
        fixture.schedules().begin_schedule_run(fixture.admin.request(ask)).await.unwrap();
        let run = fixture.reach(&id, &[end]).await.remove(0);
        let cycles = fixture.cycles_there().await;
        assert_eq!((cycles.len(), &run.cycle_id), (1, &failed.cycle_id), "{:?}", run.log);
        assert_eq!((&cycles[0].cycle_id, &cycles[0].scheme_id), (&failed.cycle_id, &other), "as the schedule says now");
        assert!(run.log.iter().any(|line| line.text.starts_with("closes the cycle")), "{:?}", run.log);
        fixture.tell(|told| told.duty.clone_from(&duty.borrow()));
    }
}
