//! A team that goes to another branch takes its people along and leaves its months behind.

use tally_api::attendance::v1 as attendance;
use tally_api::common::v1::{ImportResult, Period, RowProblem};
use tally_api::compensation::v1 as compensation;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_suite::session::Session;
use tally_testkit::eventually;
use tonic::Code;

use crate::journey::Done;
use crate::rooms::access::somebody_on;
use crate::rooms::results::{Step, make, proportional, settle};

/// Who looks from a branch.
struct Branch {
    unit_id: String,
    hr: Session,
    payroll: Session,
}

/// What somebody of the team did in March, and what came of it.
#[derive(Clone, Debug)]
struct March {
    person_id: String,
    cycle_id: String,
    settlement_id: String,
}

/// What a branch sees of that: the card, the totals, the statement, the punches, who was on duty, the place in the population, and the name.
#[derive(Debug, PartialEq, Eq)]
struct Sees {
    card: bool,
    totals: bool,
    statement: bool,
    punches: bool,
    occupancy: bool,
    population: bool,
    name: bool,
}

impl Sees {
    fn all_but_name(of_march: bool) -> Self {
        Self {
            card: of_march,
            totals: of_march,
            statement: of_march,
            punches: of_march,
            occupancy: of_march,
            population: of_march,
            name: true,
        }
    }
}

fn march() -> Option<Period> {
    Some(Period { from: "2026-03-01".into(), to: "2026-03-31".into() })
}

impl Branch {
    async fn of(done: &Done, name: &str, unit_id: &str) -> Self {
        let admin = &done.crew.admin;
        let staff = async |role: &str| {
            let scope = (identity::ScopeKind::Subtree, unit_id);
            somebody_on(admin, &format!("{name}-{role}"), role, scope).await
        };
        let (hr, payroll) = (staff("branch_hr").await, staff("compensation_specialist").await);
        Self { unit_id: unit_id.to_owned(), hr, payroll }
    }

    async fn sees(&self, of: &March) -> Sees {
        Sees {
            card: self.card(of).await,
            totals: self.totals(of).await,
            statement: self.statement(of).await,
            punches: self.punches(of).await,
            occupancy: self.occupancy().await,
            population: self.population(of).await,
            name: self.name(of).await,
        }
    }

    async fn card(&self, of: &March) -> bool {
        let mut client = performance::card_service_client::CardServiceClient::new(self.hr.at.performance.clone());
        let ask =
            performance::ListCardsRequest { cycle_id: of.cycle_id.clone(), page_size: 1_000, ..Default::default() };
        let cards = client.list_cards(self.hr.ask(ask)).await.expect("cards").into_inner().cards;
        let listed = cards.iter().any(|card| card.person_id == of.person_id);
        let (cycle_id, person_id) = (of.cycle_id.clone(), of.person_id.clone());
        let ask = performance::GetCardRequest { cycle_id, person_id, ..Default::default() };
        match client.get_card(self.hr.ask(ask)).await {
            Ok(_) => assert!(listed, "a card that is not listed"),
            Err(refused) => assert!(!listed && refused.code() == Code::NotFound, "{refused:?}"),
        }
        listed
    }

    async fn totals(&self, of: &March) -> bool {
        let channel = self.hr.at.performance.clone();
        let mut client = performance::attribution_service_client::AttributionServiceClient::new(channel);
        let ask =
            performance::ListTotalsRequest { cycle_id: of.cycle_id.clone(), page_size: 1_000, ..Default::default() };
        let totals = client.list_totals(self.hr.ask(ask)).await.expect("totals").into_inner().totals;
        totals.iter().any(|total| total.person_id == of.person_id)
    }

    async fn statement(&self, of: &March) -> bool {
        let channel = self.payroll.at.compensation.clone();
        let mut client = compensation::statement_service_client::StatementServiceClient::new(channel);
        let (settlement_id, page_size) = (of.settlement_id.clone(), 1_000);
        let ask = compensation::ListStatementsRequest { settlement_id, page_size, ..Default::default() };
        let found = client.list_statements(self.payroll.ask(ask)).await.expect("statements").into_inner();
        assert_eq!(found.masked_fields, [""; 0], "pay is shown or the statement is not");
        found.statements.iter().any(|statement| statement.person_id == of.person_id && statement.amount.is_some())
    }

    async fn punches(&self, of: &March) -> bool {
        let mut client = attendance::punch_service_client::PunchServiceClient::new(self.hr.at.attendance.clone());
        // From 2026-03-01 to 2026-03-31.
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let (from, to, person_id) = (at(1_772_323_200), at(1_774_915_200), of.person_id.clone());
        let ask = attendance::ListPunchesRequest { from, to, person_id, ..Default::default() };
        !client.list_punches(self.hr.ask(ask)).await.expect("punches").into_inner().punches.is_empty()
    }

    /// Of any account that the branch reaches in March.
    async fn occupancy(&self) -> bool {
        self.on_duty(("2026-03-01", "2026-03-31"), Vec::new()).await.iter().any(|account| !account.rows.is_empty())
    }

    async fn on_duty(&self, (from, to): (&str, &str), account_ids: Vec<String>) -> Vec<attendance::AccountOccupancy> {
        let channel = self.hr.at.attendance.clone();
        let mut client = attendance::occupancy_service_client::OccupancyServiceClient::new(channel);
        let period = Some(Period { from: from.into(), to: to.into() });
        let ask = attendance::ListOccupancyRequest { period, account_ids, ..Default::default() };
        let mut parts = client.list_occupancy(self.hr.ask(ask)).await.expect("occupancy").into_inner();
        let mut told = Vec::new();
        while let Some(part) = parts.message().await.expect("a part") {
            told.extend(part.accounts);
        }
        told
    }

    async fn population(&self, of: &March) -> bool {
        let mut client = performance::cycle_service_client::CycleServiceClient::new(self.hr.at.performance.clone());
        let (unit_id, page_size) = (self.unit_id.clone(), 1_000);
        let ask = performance::PreviewPopulationRequest { unit_id, period: march(), page_size, ..Default::default() };
        let members = client.preview_population(self.hr.ask(ask)).await.expect("a preview").into_inner().members;
        members.iter().any(|member| member.person_id == of.person_id)
    }

    async fn name(&self, of: &March) -> bool {
        let mut client = identity::person_service_client::PersonServiceClient::new(self.hr.at.identity.clone());
        let ask = identity::ListPeopleRequest { period: march(), page_size: 1_000, ..Default::default() };
        let people = client.list_people(self.hr.ask(ask)).await.expect("people").into_inner().people;
        people.iter().any(|person| person.person_id == of.person_id && !person.name.is_empty())
    }
}

fn orgs(of: &Done) -> identity::org_service_client::OrgServiceClient<tally_rpc::RpcChannel> {
    identity::org_service_client::OrgServiceClient::new(of.crew.admin.at.identity.clone())
}

/// A branch without people, of a region.
async fn founded(done: &Done, region: &str) -> String {
    let row = identity::OrgUnitRow {
        path: "Annex".into(),
        region: region.into(),
        kind: identity::OrgUnitKind::Branch.into(),
        valid_from: "2026-01-01".into(),
    };
    let admin = &done.crew.admin;
    let ask = identity::ImportOrgUnitsRequest { rows: vec![row], ..Default::default() };
    orgs(done).import_org_units(admin.ask(ask)).await.expect("a branch");
    let ask = identity::ListOrgUnitsRequest { page_size: 1_000, ..Default::default() };
    let units = orgs(done).list_org_units(admin.ask(ask)).await.expect("units").into_inner().units;
    units.into_iter().find(|unit| unit.path == "Annex").expect("the branch").unit_id
}

/// The team of somebody and the branch above it.
async fn team(done: &Done, unit_id: &str) -> (identity::OrgUnit, identity::OrgUnit) {
    let admin = &done.crew.admin;
    let ask = identity::ListOrgUnitsRequest { page_size: 1_000, as_of: "2026-03-31".into(), ..Default::default() };
    let units = orgs(done).list_org_units(admin.ask(ask)).await.expect("units").into_inner().units;
    let team = units.iter().find(|unit| unit.unit_id == unit_id).expect("a team").clone();
    let branch = team.path.split('/').next().expect("a branch");
    let branch = units.iter().find(|unit| unit.path == branch && unit.unit_id != unit_id).expect("a branch");
    (team, branch.clone())
}

/// A team is moved to another branch in April and closed in October. Whoever the team was under in March sees all of March, before
/// and after; whoever has the people now sees who they are.
pub async fn journey(done: &Done, cycle_id: &str) {
    let (_, card) = done.outcome.cards.first().expect("a best card");
    let (team, above) = team(done, &card.unit_id).await;
    let annex = founded(done, &above.region).await;
    let (old, new) = (Branch::of(done, "old", &above.unit_id).await, Branch::of(done, "new", &annex).await);
    let pool = proportional("of the team's branch", cycle_id, 90_001);
    let pool = compensation::Pool { unit_id: above.unit_id.clone(), ..pool };
    let pool = make(&old.payroll, pool).await.expect("a pool");
    let settlement_id = settle(&old.payroll, Step::Draft(&pool.pool_id)).await.expect("a draft").settlement_id;
    let of = March { person_id: card.person_id.clone(), cycle_id: cycle_id.to_owned(), settlement_id };
    of_its_own(done, &old, &new, &of, &team.unit_id).await;
    assert_eq!(old.sees(&of).await, Sees::all_but_name(true));
    assert_eq!(new.sees(&of).await, Sees { name: false, ..Sees::all_but_name(false) });

    let admin = &done.crew.admin;
    let (unit_id, parent_id) = (team.unit_id.clone(), annex.clone());
    let from = "2026-04-01".to_owned();
    let ask = identity::MoveOrgUnitRequest { unit_id, parent_id, from, backdated: true, ..Default::default() };
    orgs(done).move_org_unit(admin.ask(ask)).await.expect("a move");
    eventually("the branch sees who came", async || new.name(&of).await.then_some(())).await;
    assert_eq!(old.sees(&of).await, Sees::all_but_name(true), "its own month");
    assert_eq!(new.sees(&of).await, Sees::all_but_name(false), "somebody else's month");
    of_the_month(done, &old, &new, &of).await;
    exports(&new, &of).await;
    on_duty_over_the_move(&old, &new).await;
    facts_of_before(done, &old, &new, &of, &team).await;
    comes_to_it_later(done, &new, &of, &team.unit_id).await;

    let (unit_id, move_people_to) = (team.unit_id.clone(), annex.clone());
    let from = "2026-10-01".to_owned();
    let ask = identity::CloseOrgUnitRequest { unit_id, from, move_people_to, backdated: true, ..Default::default() };
    orgs(done).close_org_unit(admin.ask(ask)).await.expect("closed");
    assert_eq!(old.sees(&of).await, Sees::all_but_name(true), "its own month");
    assert_eq!(new.sees(&of).await, Sees::all_but_name(false), "somebody else's month");
}

/// The group's run of a cycle once more: its id.
async fn run_again(by: &Session, of: &performance::Cycle) -> String {
    let channel = by.at.performance.clone();
    let client = performance::attribution_run_service_client::AttributionRunServiceClient::new(channel);
    let run =
        performance::AttributionRun { period: of.period.clone(), policy: of.policy.clone(), ..Default::default() };
    let ask = performance::StartAttributionRunRequest { run: Some(run), ..Default::default() };
    let begun = client.clone().start_attribution_run(by.ask(ask)).await.expect("a run").into_inner().run;
    let id = begun.expect("a run").attribution_run_id;
    eventually("the run is done", async || {
        let ask = performance::GetAttributionRunRequest { attribution_run_id: id.clone() };
        let run = client.clone().get_attribution_run(by.ask(ask)).await.expect("a run").into_inner().run;
        (run.expect("a run").state() == performance::AttributionRunState::Done).then_some(())
    })
    .await;
    id
}

/// A cycle of the branch's own with somebody who was there on the 15th and went to the other branch by the last day: who reads the
/// cycle reads the card, too; the other branch reads the card of its own person, and of nobody else.
async fn of_its_own(done: &Done, old: &Branch, new: &Branch, of: &March, team: &str) {
    let mate = |(_, card): &&(_, performance::Card)| card.unit_id == team && card.person_id != of.person_id;
    let (_, mate) = done.outcome.cards.iter().find(mate).expect("another one of the team");
    let terms = identity::Terms { unit_id: new.unit_id.clone(), ..Default::default() };
    let transfer = identity::Transfer { terms: Some(terms), from: "2026-03-20".into(), ..Default::default() };
    let change = Some(identity::change_employment_request::Change::Transfer(transfer));
    let ask = identity::ChangeEmploymentRequest { person_id: mate.person_id.clone(), change, ..Default::default() };
    let hr = &done.crew.hr;
    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    people.change_employment(hr.ask(ask)).await.expect("a transfer");

    let client = || performance::cycle_service_client::CycleServiceClient::new(old.hr.at.performance.clone());
    let get = async |cycle_id: &str| {
        let ask = performance::GetCycleRequest { cycle_id: cycle_id.to_owned() };
        client().get_cycle(old.hr.ask(ask)).await.expect("a cycle").into_inner().cycle.expect("a cycle")
    };
    let first = get(&of.cycle_id).await;
    let cycle = performance::Cycle {
        name: "as of the 15th".into(),
        unit_id: old.unit_id.clone(),
        period: first.period.clone(),
        scheme_id: first.scheme_id.clone(),
        scheme_version: first.scheme_version,
        policy: first.policy.clone(),
        population: Some(performance::Population { as_of: "2026-03-15".into(), ..Default::default() }),
        ..Default::default()
    };
    let ask = performance::CreateCycleRequest { cycle: Some(cycle), ..Default::default() };
    let made = client().create_cycle(old.hr.ask(ask)).await.expect("a cycle").into_inner().cycle.expect("a cycle");
    // What the first run froze was before the transfer.
    let (cycle_id, attribution_run_id) = (made.cycle_id.clone(), run_again(&done.crew.hr, &first).await);
    let ask = performance::CloseCycleRequest { cycle_id, attribution_run_id, ..Default::default() };
    client().close_cycle(old.hr.ask(ask)).await.expect("closing");
    eventually("the cycle is closed", async || {
        let cycle = get(&made.cycle_id).await;
        assert_ne!(cycle.state(), performance::CycleState::Failed, "{}", cycle.failure);
        (cycle.state() == performance::CycleState::Reviewable).then_some(())
    })
    .await;
    let ask = performance::PublishCycleRequest { cycle_id: made.cycle_id.clone(), ..Default::default() };
    client().publish_cycle(old.hr.ask(ask)).await.expect("published");
    let of_mate = March { person_id: mate.person_id.clone(), cycle_id: made.cycle_id, ..of.clone() };
    let of_one = March { person_id: of.person_id.clone(), ..of_mate.clone() };
    for (by, of, whether) in [(old, &of_mate, true), (old, &of_one, true), (new, &of_mate, true), (new, &of_one, false)]
    {
        assert_eq!(by.card(of).await, whether, "{of:?}");
    }
    // A unit pays its own people: the one who went is paid by the other branch, or left out of the population.
    let pool = proportional("of the branch's own cycle", &of_mate.cycle_id, 70_001);
    let pool = make(&old.payroll, compensation::Pool { unit_id: old.unit_id.clone(), ..pool }).await.expect("a pool");
    let refused = settle(&old.payroll, Step::Draft(&pool.pool_id)).await.expect_err("somebody of another branch");
    assert!(refused.code() == Code::FailedPrecondition && refused.message().contains(&mate.person_id), "{refused:?}");
}

/// What became of the only row: why it was refused, if it was.
fn became(told: Option<ImportResult>) -> Result<(), String> {
    told.expect("a result").problems.into_iter().next().map_or(Ok(()), |problem| Err(problem.reason))
}

/// What is to be done about March is done by whom the team was under in March: the settlement goes on there, and what is observed of
/// those days is sent from there.
async fn of_the_month(done: &Done, old: &Branch, new: &Branch, of: &March) {
    let refused = settle(&new.payroll, Step::Discard(&of.settlement_id)).await.expect_err("another branch's");
    assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
    let approver =
        somebody_on(&done.crew.admin, "old-approver", "approver", (identity::ScopeKind::Subtree, &old.unit_id));
    settle(&approver.await, Step::Approve(&of.settlement_id)).await.expect("approved");

    let observed = async |by: &Session, day: &str| {
        let subject = performance::Subject { of: Some(performance::subject::Of::PersonId(of.person_id.clone())) };
        let row = performance::Observation {
            measure: "training_hours".into(),
            subject: Some(subject),
            from: day.into(),
            value: "2".into(),
            source: "a journey".into(),
            ..Default::default()
        };
        let channel = by.at.performance.clone();
        let mut client = performance::observation_service_client::ObservationServiceClient::new(channel);
        let ask = performance::ImportObservationsRequest { rows: vec![row], ..Default::default() };
        became(client.import_observations(by.ask(ask)).await.expect("an answer").into_inner().result)
    };
    // A service knows of a move within a second.
    eventually("an observation of April", async || observed(&new.hr, "2026-04-10").await.ok()).await;
    observed(&old.hr, "2026-03-10").await.expect("of March");
    for (by, day) in [(&new.hr, "2026-03-11"), (&old.hr, "2026-04-11")] {
        let refused = async || observed(by, day).await.err().filter(|reason| reason == "OBSERVATION_OUT_OF_REACH");
        eventually("a day of somebody else is refused", refused).await;
    }
}

/// Who has the person now takes out what is of its own days, and is told that there is more beside that, and not of what.
async fn exports(new: &Branch, of: &March) {
    let mut client = performance::privacy_service_client::PrivacyServiceClient::new(new.hr.at.performance.clone());
    let ask = tally_api::common::v1::ExportPersonRequest { person_id: of.person_id.clone() };
    let mut stream = client.export_person(new.hr.ask(ask)).await.expect("an export").into_inner();
    let (mut shown, mut told) = (Vec::new(), Vec::<String>::new());
    while let Some(message) = stream.message().await.expect("a part") {
        assert!(message.beyond_reach, "there is March");
        let part = message.part.expect("a table");
        shown.extend(part.rows.iter().map(|_| part.table.clone()));
        told.extend([part.table].into_iter().filter(|_| part.withheld > 0));
    }
    assert_eq!((shown, told), (vec!["observations".to_owned()], Vec::new()), "that of April, and no table of March");
}

/// Days of before and after the move in one question: each branch is told those that the team was under it, as for them alone.
async fn on_duty_over_the_move(old: &Branch, new: &Branch) {
    let (both, march, april) =
        (("2026-03-01", "2026-04-30"), ("2026-03-01", "2026-03-31"), ("2026-04-01", "2026-04-30"));
    // A service knows of a move within a second.
    let there = async || Some(new.on_duty(april, Vec::new()).await).filter(|told| !told.is_empty());
    let of_april = eventually("the accounts came along", there).await;
    let accounts: Vec<_> = of_april.iter().map(|account| account.account_id.clone()).collect();
    assert!(of_april.iter().any(|account| !account.rows.is_empty()), "somebody in April");
    assert_eq!(new.on_duty(both, accounts.clone()).await, of_april);
    let of_march = old.on_duty(march, accounts.clone()).await;
    assert!(of_march.iter().any(|account| !account.rows.is_empty()), "somebody in March");
    assert_eq!(old.on_duty(both, accounts.clone()).await, of_march);
    // Rows reach a day beyond what is asked, but not into days of the other branch: from 2026-03-31T16:00:00Z on, by the clock there.
    let border = 1_774_972_800;
    let seconds = |at: Option<prost_types::Timestamp>| at.expect("an instant").seconds;
    let rows = |of: &[attendance::AccountOccupancy]| of.iter().flat_map(|of| of.rows.clone()).collect::<Vec<_>>();
    assert!(rows(&of_march).into_iter().all(|row| seconds(row.end) <= border), "{of_march:?}");
    assert!(rows(&of_april).into_iter().all(|row| seconds(row.start) >= border), "{of_april:?}");
    let listed = old.on_duty(both, Vec::new()).await.into_iter();
    assert_eq!(listed.filter(|account| accounts.contains(&account.account_id)).collect::<Vec<_>>(), of_march);
}

/// Whom the team is under now neither moves its people in days of before, nor says whom a nickname meant then, nor takes a record away from
/// them by saying that it was later.
async fn facts_of_before(done: &Done, old: &Branch, new: &Branch, of: &March, team: &identity::OrgUnit) {
    let mut people = identity::person_service_client::PersonServiceClient::new(new.hr.at.identity.clone());
    let terms = identity::Terms { unit_id: new.unit_id.clone(), ..Default::default() };
    let transfer = identity::Transfer { terms: Some(terms), from: "2026-03-20".into(), ..Default::default() };
    let leave = identity::NewLeave { from: "2026-03-20".into(), to: "2026-04-20".into(), ..Default::default() };
    use identity::change_employment_request::Change;
    for change in [Change::Transfer(transfer), Change::Leave(leave)] {
        let (person_id, change) = (of.person_id.clone(), Some(change));
        let ask = identity::ChangeEmploymentRequest { person_id, change, ..Default::default() };
        let refused = people.change_employment(new.hr.ask(ask)).await.expect_err("a day of somebody else");
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    }
    let mut hired = async |day: &str| {
        let named = ["MOVED-1", "Nan", &team.path, day].map(str::to_owned);
        let [employee_no, name, unit_path, hired_on] = named;
        let rows = vec![identity::PersonRow { employee_no, name, unit_path, hired_on, ..Default::default() }];
        people.import_people(new.hr.ask(identity::ImportPeopleRequest { rows, ..Default::default() })).await
    };
    let told = hired("2026-03-20").await.expect("an answer").into_inner().result.expect("a result");
    assert_eq!((told.written, told.problems[0].reason.as_str()), (0, "PERSON_OUT_OF_REACH"), "{told:?}");

    let (unit_id, parent_id) = (team.unit_id.clone(), new.unit_id.clone());
    let from = "2026-03-01".to_owned();
    let ask = identity::MoveOrgUnitRequest { unit_id, parent_id, from, backdated: true, ..Default::default() };
    let refused = orgs(done).move_org_unit(new.hr.ask(ask)).await.expect_err("a day of somebody else");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");

    let meant = async |by: &Session, from: &str| {
        let (person_id, from) = (of.person_id.clone(), from.to_owned());
        let row = attendance::Alias { platform: "JD".into(), alias: "M".into(), person_id, from, ..Default::default() };
        let mut client = attendance::alias_service_client::AliasServiceClient::new(by.at.attendance.clone());
        let ask = attendance::ImportAliasesRequest { rows: vec![row], ..Default::default() };
        became(client.import_aliases(by.ask(ask)).await.expect("an answer").into_inner().result)
    };
    // A service knows of a move within a second.
    eventually("a nickname of April", async || meant(&new.hr, "2026-04-05").await.ok()).await;
    assert_eq!(meant(&new.hr, "2026-03-05").await.expect_err("a day of somebody else"), "FACT_OUT_OF_REACH");

    let ids = &done.outcome.ids;
    let Some(at) = ids.places.iter().position(|(unit_id, _)| *unit_id == team.unit_id) else {
        panic!("an account of the team")
    };
    let (account_id, (unit_id, region)) = (ids.accounts[at].clone(), ids.places[at].clone());
    let records = || performance::record_service_client::RecordServiceClient::new(old.hr.at.performance.clone());
    let ask = performance::ListRecordsRequest { account_id: account_id.clone(), page_size: 1, ..Default::default() };
    let listed = records().list_records(old.hr.ask(ask.clone())).await.expect("records").into_inner().records;
    let record = listed.into_iter().next().expect("a record of March");
    let seen = records().list_records(new.hr.ask(ask)).await.expect("records").into_inner().records;
    assert!(seen.is_empty(), "{seen:?}");
    let later = |at: Option<prost_types::Timestamp>| {
        at.map(|at| prost_types::Timestamp { seconds: at.seconds + 5_184_000, ..at })
    };
    let of_later = performance::Record {
        started_at: later(record.started_at),
        ended_at: later(record.ended_at),
        revision: record.revision + 1,
        ..record.clone()
    };
    let of_march = performance::Record { external_id: "NEW-MARCH".into(), ..record };
    let of_may = performance::Record { external_id: "NEW-MAY".into(), ..of_later.clone() };
    let source = performance::ImportRecordsRequest { account_id, unit_id, region, ..Default::default() };
    let rows = vec![performance::Record { external_id: "GONE-MARCH".into(), ..of_march.clone() }];
    taken_out(old, new, performance::ImportRecordsRequest { rows, ..source.clone() }).await;
    let rows = vec![of_later, of_march, of_may];
    let ask = performance::ImportRecordsRequest { rows, ..source };
    let told =
        records().import_records(new.hr.ask(ask)).await.expect("an answer").into_inner().result.expect("a result");
    let of_old = |problem: &RowProblem| (problem.index, problem.reason == "RECORD_OUT_OF_REACH");
    assert_eq!((told.written, told.problems.iter().map(of_old).collect::<Vec<_>>()), (1, vec![(0, true), (1, true)]));
}

/// A record of March that was taken out is told by the day on which it was, too: neither that it is gone nor why.
async fn taken_out(old: &Branch, new: &Branch, brings: performance::ImportRecordsRequest) {
    let mut records = performance::record_service_client::RecordServiceClient::new(old.hr.at.performance.clone());
    records.import_records(old.hr.ask(brings.clone())).await.expect("a record");
    let performance::ImportRecordsRequest { account_id, unit_id, region, rows, .. } = brings;
    let (external_id, reason) = (rows[0].external_id.clone(), "ours to know".to_owned());
    let ask =
        performance::WithdrawRecordRequest { account_id, unit_id, region, external_id, reason, ..Default::default() };
    records.withdraw_record(old.hr.ask(ask.clone())).await.expect("withdrawn");
    let refused = records.withdraw_record(new.hr.ask(ask)).await.expect_err("a day of somebody else");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
}

/// Somebody who comes to the team after it was moved serves its accounts as those do who came along, from that day on.
async fn comes_to_it_later(done: &Done, new: &Branch, of: &March, team: &str) {
    let mut people = identity::person_service_client::PersonServiceClient::new(new.hr.at.identity.clone());
    let ask = identity::ListPeopleRequest { page_size: 1_000, ..Default::default() };
    let there = people.list_people(new.hr.ask(ask)).await.expect("people").into_inner().people;
    let elsewhere = |p: &&identity::Person| p.employments.iter().any(|e| e.to.is_empty() && e.unit_id == new.unit_id);
    let comes = there.iter().find(elsewhere).expect("somebody of the branch itself").person_id.clone();
    let terms = identity::Terms { unit_id: team.to_owned(), ..Default::default() };
    let transfer = identity::Transfer { terms: Some(terms), from: "2026-04-10".into(), ..Default::default() };
    let change = Some(identity::change_employment_request::Change::Transfer(transfer));
    let ask = identity::ChangeEmploymentRequest { person_id: comes.clone(), change, ..Default::default() };
    people.change_employment(new.hr.ask(ask)).await.expect("a transfer");

    let ids = &done.outcome.ids;
    let at = ids.places.iter().position(|(unit_id, _)| unit_id == team).expect("an account of the team");
    let channel = done.crew.hr.at.attendance.clone();
    let mut client = attendance::occupancy_service_client::OccupancyServiceClient::new(channel);
    let mut serve = async |day: &str| {
        let (account_ids, day) = (vec![ids.accounts[at].clone()], day.to_owned());
        let period = Some(Period { from: day.clone(), to: day });
        let ask = attendance::ListOccupancyRequest { period, account_ids, ..Default::default() };
        let mut parts = client.list_occupancy(done.crew.hr.ask(ask)).await.expect("occupancy").into_inner();
        let mut who = std::collections::BTreeSet::new();
        while let Some(part) = parts.message().await.expect("a part") {
            who.extend(part.accounts.into_iter().flat_map(|account| account.rows).map(|row| row.person_id));
        }
        [&of.person_id, &comes].map(|person| who.contains(person))
    };
    assert_eq!([serve("2026-04-06").await, serve("2026-04-20").await], [[true, false], [true, true]]);
}
