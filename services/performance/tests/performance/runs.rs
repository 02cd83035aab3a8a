//! Attribution runs, and the cycles of branches that score from them.

use tally_access::Permission;
use tally_api::attendance::v1::DutyRule;
use tally_api::common::v1::EmploymentKind;
use tally_api::performance::v1 as pb;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use uuid::Uuid;

use crate::currencies::{paid, selling};
use crate::fixture::{Fixture, NORTH, PeerFacts, SOUTH, account, by, cycle, person, reason, record, scheme};

/// North has E0001 and E0003 on its accounts 1 and 3, south E0002 and E0004 on 2 and 4.
fn apart() -> PeerFacts {
    let mut told = PeerFacts::of(4, 4);
    for n in 1..=4 {
        told.on_duty(n, n, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z");
    }
    told.on_duty(1, 3, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z");
    told
}

async fn working(on: Backend, told: PeerFacts) -> Fixture {
    let fixture = Fixture::working(on, told).await;
    for n in 1..=4 {
        let rows = (0..3).map(|i| record(&format!("{n}-{i}"), &format!("2026-03-02T0{}:00:00Z", i + 1))).collect();
        fixture.import(n, rows).await;
    }
    fixture
}

fn north() -> String {
    NORTH.to_string()
}

fn told(credits: &[pb::Credit]) -> Vec<String> {
    credits.iter().map(|credit| format!("{credit:?}")).collect()
}

on_both!(a_run_over_some_accounts_credits_them_byte_for_byte_as_a_run_over_all, flavor = "multi_thread");
async fn a_run_over_some_accounts_credits_them_byte_for_byte_as_a_run_over_all(on: Backend) {
    let fixture = working(on, apart()).await;
    let all = fixture.attribute(pb::AttributionRun::default()).await;
    assert_eq!(all.state(), pb::AttributionRunState::Done, "{}", all.failure);
    let one = pb::AttributionRun { account_ids: vec![account(1).to_string()], ..Default::default() };
    let some = fixture.attribute(one).await;
    let summary = some.summary.clone().unwrap();
    assert_eq!((summary.records, summary.accounts, summary.people), (6, 2, 2), "E0003 serves 3 as well");
    let credits = async |run: &pb::AttributionRun| {
        let run = run.attribution_run_id.clone();
        let ask = pb::ExportCreditsRequest { attribution_run_id: run, ..Default::default() };
        fixture.credits_of(&fixture.admin, ask).await
    };
    let (whole, part) = (credits(&all).await, credits(&some).await);
    assert_eq!((whole.len(), part.len()), (12, 6));
    let of_north: Vec<_> = whole.into_iter().filter(|c| !c.external_id.starts_with(['2', '4'])).collect();
    assert_eq!(told(&of_north), told(&part));
    assert_eq!((all.unit_id.as_str(), some.unit_id.as_str()), ("", north().as_str()), "the lowest unit above");
    // A part is never scored as if it were all.
    let scheme_id = fixture.scheme(scheme()).await;
    let unit = |unit_ids: Vec<String>| pb::AttributionRun { unit_ids, ..Default::default() };
    let of_north = fixture.attribute(unit(vec![north()])).await;
    for (unit_id, run, fits) in [
        (String::new(), &some, false),
        (north(), &some, false),
        (String::new(), &of_north, false),
        (north(), &of_north, true),
    ] {
        let id = fixture.make(pb::Cycle { unit_id, ..cycle(&scheme_id) }).await.unwrap();
        let attribution_run_id = run.attribution_run_id.clone();
        let ask = pb::CloseCycleRequest { cycle_id: id, attribution_run_id, ..Default::default() };
        match fixture.cycles().close_cycle(fixture.admin.request(ask)).await {
            Ok(_) => assert!(fits),
            refused => assert_eq!((reason(refused).as_str(), fits), ("RUN_COVERS_PART", false)),
        }
    }
}

on_both!(a_branch_closes_its_own_month_and_sees_nothing_of_another, flavor = "multi_thread");
async fn a_branch_closes_its_own_month_and_sees_nothing_of_another(on: Backend) {
    let fixture = working(on, apart()).await;
    let scheme_id = fixture.scheme(scheme()).await;
    use Permission::{CardRead, CreditRead, CycleClose, CyclePublish, CycleRead, CycleWrite, SchemeRead};
    let hr = [CycleRead, CycleWrite, CycleClose, CyclePublish, CardRead, CreditRead, SchemeRead];
    let (hr_north, hr_south) = (fixture.of_unit(NORTH, &hr), fixture.of_unit(SOUTH, &hr));
    let make = |unit_id: String| pb::CreateCycleRequest {
        cycle: Some(pb::Cycle { unit_id, ..cycle(&scheme_id) }),
        ..Default::default()
    };
    let of_group = fixture.cycles().create_cycle(hr_north.request(make(String::new()))).await;
    assert_eq!(reason(of_group), "PERMISSION_DENIED");
    let foreign = fixture.cycles().create_cycle(hr_south.request(make(north()))).await;
    assert_eq!(reason(foreign), "PERMISSION_DENIED");
    let made = fixture.cycles().create_cycle(hr_north.request(make(north()))).await.unwrap().into_inner();
    let id = made.cycle.unwrap().cycle_id;
    let close = || pb::CloseCycleRequest { cycle_id: id.clone(), ..Default::default() };
    assert_eq!(reason(fixture.cycles().close_cycle(hr_south.request(close())).await), "PERMISSION_DENIED");
    fixture.cycles().close_cycle(hr_north.request(close())).await.unwrap();
    let closed = fixture.watch(&id).await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    let summary = closed.summary.unwrap();
    assert_eq!((summary.people, summary.records, summary.outside_people), (2, 6, 0));
    let get = || pb::GetCycleRequest { cycle_id: id.clone() };
    assert_eq!(reason(fixture.cycles().get_cycle(hr_south.request(get())).await), "NOT_FOUND");
    let agent = fixture.agent(3, &[CycleRead, CardRead]);
    assert!(fixture.cycles().get_cycle(agent.request(get())).await.is_ok(), "who has a card finds its cycle");
    let stranger = fixture.agent(2, &[CycleRead, CardRead]);
    assert_eq!(reason(fixture.cycles().get_cycle(stranger.request(get())).await), "NOT_FOUND");
    let list = || pb::ListCyclesRequest::default();
    let seen = async |caller: &tally_testkit::callers::Caller| {
        fixture.cycles().list_cycles(caller.request(list())).await.unwrap().into_inner().cycles.len()
    };
    assert_eq!((seen(&hr_north).await, seen(&agent).await, seen(&hr_south).await, seen(&stranger).await), (1, 1, 0, 0));
    let publish = pb::PublishCycleRequest { cycle_id: id.clone(), ..Default::default() };
    assert!(fixture.cycles().publish_cycle(hr_north.request(publish)).await.is_ok());
    // A sale of the south in a currency without a rate is the south's alone, also in a run of the whole group.
    let sold = |id: &str, currency: &str| paid(id, "2026-03-02T05:00:00Z", 1_000, currency);
    fixture.import(1, vec![sold("n", "")]).await;
    fixture.import(2, vec![sold("s", "KRW")]).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    let sales = fixture.scheme(selling("")).await;
    for (unit_id, state) in [(north(), pb::CycleState::Reviewable), (SOUTH.to_string(), pb::CycleState::Failed)] {
        let of_unit = fixture.make(pb::Cycle { unit_id, ..cycle(&sales) }).await.unwrap();
        let closed = fixture.close_from(&of_unit, &run).await;
        assert_eq!(closed.state(), state, "{}", closed.failure);
        assert_eq!(closed.failure.contains("KRW"), state == pb::CycleState::Failed, "{}", closed.failure);
    }
}

on_both!(an_account_of_two_branches_is_attributed_once_by_the_group_and_each_reads_its_part, flavor = "multi_thread");
async fn an_account_of_two_branches_is_attributed_once_by_the_group_and_each_reads_its_part(on: Backend) {
    let mut shared = apart();
    shared.on_duty(1, 2, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z");
    let fixture = working(on, shared).await;
    let scheme_id = fixture.scheme(scheme()).await;
    let mine = || pb::Cycle { unit_id: north(), ..cycle(&scheme_id) };
    let id = fixture.make(mine()).await.unwrap();
    let failed = fixture.close(&id).await;
    assert_eq!((failed.state(), failed.failure_reason.as_str()), (pb::CycleState::Failed, "RUN_BELONGS_ABOVE"));
    for named in ["JD/shop/a0001", "south", "the whole group", "StartAttributionRun"] {
        assert!(failed.failure.contains(named), "{}", failed.failure);
    }
    assert!(!failed.failure.contains("a0003"), "nobody beyond serves it: {}", failed.failure);
    // What lies beyond the unit is refused at once, and alike whether it is there or not.
    let nowhere = Uuid::from_u128(77).to_string();
    let asked = |unit_ids: &[&String], account_ids: &[&String]| pb::AttributionRun {
        unit_id: north(),
        unit_ids: unit_ids.iter().copied().cloned().collect(),
        account_ids: account_ids.iter().copied().cloned().collect(),
        ..pb::AttributionRun { period: cycle("").period, ..Default::default() }
    };
    let (south, account) = (SOUTH.to_string(), account(2).to_string());
    for (run, field) in [
        (asked(&[&south, &nowhere, &north()], &[]), "run.unit_ids"),
        (asked(&[], &[&account, &nowhere]), "run.account_ids"),
    ] {
        let ask = pb::StartAttributionRunRequest { run: Some(run), ..Default::default() };
        let refused = fixture.runs().start_attribution_run(fixture.admin.request(ask)).await.unwrap_err();
        let refused = tally_rpc::error_from(refused);
        let told: Vec<_> = refused.violations().iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!(told, [field; 2]);
    }
    let run = fixture.attribute(pb::AttributionRun::default()).await;
    let closed = fixture.close_from(&id, &run.attribution_run_id).await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    let summary = closed.summary.unwrap();
    assert_eq!((summary.people, summary.outside_people), (2, 2));
    assert_eq!(summary.credited_ppm + summary.outside_ppm, 12_000_000);
    let south = fixture.make(pb::Cycle { unit_id: SOUTH.to_string(), ..cycle(&scheme_id) }).await.unwrap();
    let other = fixture.close_from(&south, &run.attribution_run_id).await.summary.unwrap();
    assert_eq!((other.credited_ppm, other.outside_ppm), (summary.outside_ppm, summary.credited_ppm));
    let hr = fixture.of_unit(NORTH, &[Permission::CreditRead]);
    let credits = fixture.credits(&hr, &id).await;
    let first = credits.iter().find(|c| c.external_id == "1-0").unwrap();
    let who: Vec<_> = first.shares.iter().map(|s| s.person_id.clone()).collect();
    assert_eq!(who, [person(1).to_string(), person(3).to_string()]);
    assert_eq!(first.shares.iter().map(|s| s.ppm).sum::<u32>() + first.others_ppm, 1_000_000);
    assert!(first.others_ppm > 0, "the third is of the south, and only counted");
    assert_eq!(first.evidence, "roster:3", "what it rests on does not depend on who looks");
    // What lies on the north's account stops the south too, and is named to the north alone.
    fixture.import(1, vec![paid("krw", "2026-03-02T06:00:00Z", 1_000, "KRW")]).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    let sales = fixture.scheme(selling("")).await;
    for (unit_id, reason, named) in
        [(SOUTH.to_string(), "RECORD_ELSEWHERE", false), (north(), "RECORD_RATE_MISSING", true)]
    {
        let of_unit = fixture.make(pb::Cycle { unit_id, ..cycle(&sales) }).await.unwrap();
        let failed = fixture.close_from(&of_unit, &run).await;
        assert_eq!(failed.failure_reason, reason, "{}", failed.failure);
        for word in ["a0001", "krw"] {
            assert_eq!(failed.failure.contains(word), named, "{}", failed.failure);
        }
    }
}

on_both!(several_cycles_score_the_same_run_by_their_own_schemes_and_populations, flavor = "multi_thread");
async fn several_cycles_score_the_same_run_by_their_own_schemes_and_populations(on: Backend) {
    let fixture = working(on, apart()).await;
    let mut rows = vec![by("E0001", "q", "2026-03-02T05:00:00Z")];
    rows[0].measures = vec![pb::Measure { name: "qa".into(), number: "8".into(), text: String::new() }];
    fixture.import(1, rows).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    let usual = fixture.scheme(scheme()).await;
    let mut quality = pb::Scheme { name: "quality".into(), ..scheme() };
    quality.kpis[2] =
        pb::Kpi { key: "qa".into(), measure: "qa".into(), target: "10".into(), ..quality.kpis[2].clone() };
    let quality = fixture.scheme(quality).await;
    let everybody = fixture.make(cycle(&usual)).await.unwrap();
    let named = pb::Population {
        include_person_ids: vec![person(1).to_string()],
        positions: vec!["none".into()],
        ..Default::default()
    };
    let one = fixture.make(pb::Cycle { population: Some(named), ..cycle(&quality) }).await.unwrap();
    let (all, some) = (fixture.close_from(&everybody, &run).await, fixture.close_from(&one, &run).await);
    assert_eq!(
        (all.state(), some.state()),
        (pb::CycleState::Reviewable, pb::CycleState::Reviewable),
        "{}",
        some.failure
    );
    assert_eq!((all.summary.unwrap().people, some.summary.unwrap().people), (4, 1));
    let ask = pb::GetCardRequest { cycle_id: one, person_id: person(1).to_string(), ..Default::default() };
    let card = fixture.cards().get_card(fixture.admin.request(ask)).await.unwrap().into_inner().card.unwrap();
    assert_eq!((card.rank, card.of), (1, 1), "ranks are among the population");
    let qa = card.lines.iter().find(|line| line.kpi == "qa").unwrap();
    assert_eq!((qa.value.as_str(), qa.n.as_str()), ("8", "1"), "a column that the run did not add up");
    // The same column, added up by a run of its own cycle.
    let alone = fixture.make(cycle(&quality)).await.unwrap();
    assert_eq!(fixture.close(&alone).await.state(), pb::CycleState::Reviewable);
    let ask = pb::GetCardRequest { cycle_id: alone, person_id: person(1).to_string(), ..Default::default() };
    let again = fixture.cards().get_card(fixture.admin.request(ask)).await.unwrap().into_inner().card.unwrap();
    assert_eq!(again.lines.iter().find(|line| line.kpi == "qa").unwrap().value, qa.value);
}

on_both!(what_a_run_did_not_add_up_is_not_read_from_records_that_were_changed_since, flavor = "multi_thread");
async fn what_a_run_did_not_add_up_is_not_read_from_records_that_were_changed_since(on: Backend) {
    let fixture = working(on, apart()).await;
    let measured = |qa: &str, revision| pb::Record {
        measures: vec![pb::Measure { name: "qa".into(), number: qa.into(), text: String::new() }],
        revision,
        ..by("E0001", "q", "2026-03-02T05:00:00Z")
    };
    fixture.import(1, vec![measured("8", 1)]).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    let usual = fixture.scheme(scheme()).await;
    let mut quality = pb::Scheme { name: "quality".into(), ..scheme() };
    quality.kpis[2] =
        pb::Kpi { key: "qa".into(), measure: "qa".into(), target: "10".into(), ..quality.kpis[2].clone() };
    let quality = fixture.scheme(quality).await;
    let close = async |scheme: &str, run: &str| {
        let id = fixture.make(cycle(scheme)).await.unwrap();
        let closed = fixture.close_from(&id, run).await;
        (closed.state(), closed.failure_reason)
    };
    let fine = (pb::CycleState::Reviewable, String::new());
    // What came after the run was read is nobody's in it, and changes nothing.
    fixture.import(1, vec![record("later", "2026-03-02T05:30:00Z")]).await;
    assert_eq!(close(&quality, &run).await, fine);
    fixture.import(1, vec![measured("2", 2)]).await;
    assert_eq!(close(&quality, &run).await, (pb::CycleState::Failed, "RUN_OUTDATED".to_owned()));
    assert_eq!(close(&usual, &run).await, fine, "what it added up itself still counts");
    assert_eq!(close(&quality, "").await, fine, "another run reads them as they are");
}

on_both!(an_explanation_is_of_the_record_as_the_run_read_it, flavor = "multi_thread");
async fn an_explanation_is_of_the_record_as_the_run_read_it(on: Backend) {
    let fixture = working(on, apart()).await;
    let named = |agent: &str, start: &str, revision| pb::Record { revision, ..by(agent, "t", start) };
    fixture.import(1, vec![named("E0001", "2026-03-02T05:00:00Z", 1)]).await;
    fixture.callers.clock.advance(jiff::SignedDuration::from_mins(1));
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    fixture.callers.clock.advance(jiff::SignedDuration::from_mins(1));
    fixture.import(1, vec![named("E0003", "2026-03-02T05:10:00Z", 2)]).await;
    let ask = pb::ExplainRecordRequest {
        attribution_run_id: run,
        account_id: account(1).to_string(),
        external_id: "t".into(),
        ..Default::default()
    };
    let told = fixture.attribution().explain_record(fixture.admin.request(ask)).await.unwrap().into_inner();
    let credit = told.credit.unwrap();
    assert_eq!((credit.rung(), credit.shares[0].person_id.clone()), (pb::Rung::Tag, person(1).to_string()));
    let lines = told.lines.join(" ");
    assert!(lines.contains("E0001") && !lines.contains("E0003"), "{lines}");
}

on_both!(a_population_is_previewed_settled_and_refused_where_it_reaches_beyond_its_unit, flavor = "multi_thread");
async fn a_population_is_previewed_settled_and_refused_where_it_reaches_beyond_its_unit(on: Backend) {
    let fixture = working(on, apart()).await;
    let scheme_id = fixture.scheme(scheme()).await;
    let with =
        |population: pb::Population| pb::Cycle { unit_id: north(), population: Some(population), ..cycle(&scheme_id) };
    let beyond = pb::Population { unit_ids: vec![SOUTH.to_string()], ..Default::default() };
    assert_eq!(fixture.make(with(beyond)).await.unwrap_err(), "INVALID_REQUEST");
    let foreign = pb::Population { include_person_ids: vec![person(2).to_string()], ..Default::default() };
    assert_eq!(fixture.make(with(foreign)).await.unwrap_err(), "INVALID_REQUEST");
    let nobody = pb::Population { grades: vec!["Z9".into()], ..Default::default() };
    let of_south = pb::Scheme { name: "of the south".into(), unit_id: SOUTH.to_string(), ..scheme() };
    let foreign = pb::Cycle { scheme_id: fixture.scheme(of_south).await, ..with(pb::Population::default()) };
    assert_eq!(fixture.make(foreign).await.unwrap_err(), "SCHEME_OF_ANOTHER_UNIT");
    let empty = fixture.make(with(nobody)).await.unwrap();
    let close = pb::CloseCycleRequest { cycle_id: empty, ..Default::default() };
    assert_eq!(reason(fixture.cycles().close_cycle(fixture.admin.request(close)).await), "POPULATION_EMPTY");
    let out = pb::Population { exclude_person_ids: vec![person(3).to_string()], ..Default::default() };
    let preview = pb::PreviewPopulationRequest {
        unit_id: north(),
        period: cycle("").period,
        population: Some(out.clone()),
        ..Default::default()
    };
    // What a cycle is refused for, the look before it is refused for, by the same fields.
    let unknown = || vec![Uuid::from_u128(404).to_string()];
    let wrong = pb::Population {
        unit_ids: vec![SOUTH.to_string()],
        include_person_ids: unknown(),
        exclude_person_ids: unknown(),
        as_of: "2026-04-01".into(),
        ..Default::default()
    };
    let made = pb::CreateCycleRequest { cycle: Some(with(wrong.clone())), ..Default::default() };
    let made = fixture.cycles().create_cycle(fixture.admin.request(made)).await.unwrap_err();
    let looked = pb::PreviewPopulationRequest { population: Some(wrong), ..preview.clone() };
    let looked = fixture.cycles().preview_population(fixture.admin.request(looked)).await.unwrap_err();
    for (refused, path) in [(made, "cycle.population"), (looked, "population")] {
        let refused = tally_rpc::error_from(refused);
        let fields: Vec<_> = refused.violations().iter().map(|wrong| wrong.field.clone()).collect();
        let named = ["as_of", "unit_ids", "include_person_ids", "exclude_person_ids"];
        assert_eq!(fields, named.map(|field| format!("{path}.{field}")));
    }
    // A unit out of reach is refused as the cycle would be, and of the group everybody sees those whom they reach.
    let stranger = fixture.of_unit(SOUTH, &[Permission::CycleWrite]);
    let asked = fixture.cycles().preview_population(stranger.request(preview.clone())).await;
    assert_eq!(reason(asked), "PERMISSION_DENIED");
    let all = pb::PreviewPopulationRequest { unit_id: String::new(), population: None, ..preview.clone() };
    let seen = fixture.cycles().preview_population(stranger.request(all)).await.unwrap().into_inner();
    assert_eq!(
        seen.members.iter().map(|m| m.person_id.clone()).collect::<Vec<_>>(),
        [2, 4].map(|n| person(n).to_string())
    );
    let seen = fixture.cycles().preview_population(fixture.admin.request(preview)).await.unwrap().into_inner();
    let judged: Vec<_> = seen.members.iter().map(|m| (m.included, m.reason())).collect();
    use pb::PopulationReason::{Fits, NamedOut};
    assert_eq!((judged, seen.included, seen.left_out), (vec![(true, Fits), (false, NamedOut)], 1, 1));
    let id = fixture.make(with(out)).await.unwrap();
    let closed = fixture.close(&id).await.summary.unwrap();
    assert_eq!((closed.people, closed.outside_people), (1, 1));
}

on_both!(a_population_names_kinds_of_employment_and_says_of_whom_nobody_said_one, flavor = "multi_thread");
async fn a_population_names_kinds_of_employment_and_says_of_whom_nobody_said_one(on: Backend) {
    let mut told = apart();
    told.people[0].employments[0].kind = EmploymentKind::Agency.into();
    told.people[1].employments[0].kind = EmploymentKind::FullTime.into();
    let fixture = working(on, told).await;
    let kinds = |kinds: &[EmploymentKind]| pb::Population {
        employment_kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
        ..Default::default()
    };
    let preview = async |population| {
        let ask = pb::PreviewPopulationRequest {
            period: cycle("").period,
            population: Some(population),
            ..Default::default()
        };
        fixture.cycles().preview_population(fixture.admin.request(ask)).await
    };
    let seen = preview(kinds(&[EmploymentKind::Agency, EmploymentKind::Intern])).await.unwrap().into_inner();
    let judged: Vec<_> = seen.members.iter().map(|m| (m.included, m.reason())).collect();
    use pb::PopulationReason::{EmploymentKindNotSaid, Fits, OtherEmploymentKind};
    let not_said = (false, EmploymentKindNotSaid);
    assert_eq!(judged[..3], [(true, Fits), (false, OtherEmploymentKind), not_said]);
    assert!(judged[3..].iter().all(|judged| *judged == not_said), "{judged:?}");
    assert_eq!(reason(preview(kinds(&[EmploymentKind::Unspecified])).await), "INVALID_REQUEST");
    let unknown = pb::Population { employment_kinds: vec![99], ..Default::default() };
    assert_eq!(reason(preview(unknown).await), "INVALID_REQUEST");
    let scheme_id = fixture.scheme(scheme()).await;
    let agency = pb::Cycle { population: Some(kinds(&[EmploymentKind::Agency])), ..cycle(&scheme_id) };
    let id = fixture.make(agency).await.unwrap();
    let closed = fixture.close(&id).await;
    let kept = closed.population.as_ref().map(|said| said.employment_kinds.clone());
    assert_eq!(kept, Some(vec![EmploymentKind::Agency.into()]), "what was said is told again");
    assert_eq!(closed.summary.unwrap().people, 1, "{}", closed.failure);
}

on_both!(whoever_comes_while_a_cycle_is_being_closed_is_told_and_has_no_card, flavor = "multi_thread");
async fn whoever_comes_while_a_cycle_is_being_closed_is_told_and_has_no_card(on: Backend) {
    let mut early = apart();
    let third = early.people.remove(2);
    let db =
        tally_testkit::databases::TestStore::on(on, tally_performance::SERVICE, tally_performance::migrations).await;
    let mut fixture = Fixture::on(db, early);
    let scheme_id = fixture.scheme(scheme()).await;
    fixture.import(1, vec![record("a", "2026-03-02T01:00:00Z")]).await;
    let id = fixture.make(pb::Cycle { unit_id: north(), ..cycle(&scheme_id) }).await.unwrap();
    let close = pb::CloseCycleRequest { cycle_id: id.clone(), ..Default::default() };
    fixture.cycles().close_cycle(fixture.admin.request(close)).await.unwrap();
    fixture.tell(|told| told.people.push(third));
    fixture.work();
    let closed = fixture.watch(&id).await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    assert_eq!(closed.summary.unwrap().people, 1);
    let again_id = id.clone();
    let ask = pb::ListFindingsRequest { cycle_id: id, ..Default::default() };
    let found = fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner().findings;
    let changed: Vec<_> = found.iter().filter(|f| f.kind == "POPULATION_CHANGED").map(|f| f.subject.as_str()).collect();
    assert_eq!(changed, ["E0003"]);
    let again = found.iter().find(|f| f.kind == "POPULATION_CHANGED").unwrap();
    assert_eq!(again.fix.as_ref().unwrap().method, "CloseCycle");
    let reader = fixture.of_unit(NORTH, &[Permission::CreditRead]);
    let fix = |id: &str| pb::ApplyFixRequest {
        finding_id: id.into(),
        reason: "she belongs in".into(),
        request_id: "in".into(),
    };
    let refused = fixture.findings().apply_fix(reader.request(fix(&again.finding_id))).await;
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    let done = fixture.findings().apply_fix(fixture.admin.request(fix(&again.finding_id))).await.unwrap().into_inner();
    assert_eq!(fixture.watch(&again_id).await.summary.unwrap().people, 2, "closed again, with both");
    fixture.discarded(&again_id, 1).await;
    let repeated = fixture.findings().apply_fix(fixture.admin.request(fix(&again.finding_id))).await;
    assert_eq!(repeated.unwrap().into_inner(), done, "the finding is gone, and what was done is told again");
    let anew = pb::ApplyFixRequest { request_id: "other".into(), ..fix(&again.finding_id) };
    assert_eq!(reason(fixture.findings().apply_fix(fixture.admin.request(anew)).await), "NOT_FOUND");
}

on_both!(
    a_run_is_stopped_unless_a_cycle_waits_for_it_and_nothing_scores_from_one_that_is_not_done,
    flavor = "multi_thread"
);
async fn a_run_is_stopped_unless_a_cycle_waits_for_it_and_nothing_scores_from_one_that_is_not_done(on: Backend) {
    let db =
        tally_testkit::databases::TestStore::on(on, tally_performance::SERVICE, tally_performance::migrations).await;
    let fixture = Fixture::on(db, apart());
    let id = fixture.march().await;
    let run = pb::AttributionRun { period: cycle("").period, ..Default::default() };
    let start = pb::StartAttributionRunRequest { run: Some(run), ..Default::default() };
    let mut runs = fixture.runs();
    let run = runs.start_attribution_run(fixture.admin.request(start)).await.unwrap().into_inner().run.unwrap();
    let run_id = run.attribution_run_id;
    let from = pb::CloseCycleRequest { cycle_id: id.clone(), attribution_run_id: run_id.clone(), ..Default::default() };
    assert_eq!(reason(fixture.cycles().close_cycle(fixture.admin.request(from)).await), "RUN_NOT_DONE");
    let cancel = |id: &str| pb::CancelAttributionRunRequest { attribution_run_id: id.into(), ..Default::default() };
    let stopped = runs.cancel_attribution_run(fixture.admin.request(cancel(&run_id))).await.unwrap().into_inner();
    assert_eq!(stopped.run.unwrap().state(), pb::AttributionRunState::Cancelled);
    assert_eq!(reason(runs.cancel_attribution_run(fixture.admin.request(cancel(&run_id))).await), "RUN_RESTS");
    let close = pb::CloseCycleRequest { cycle_id: id, ..Default::default() };
    let closing = fixture.cycles().close_cycle(fixture.admin.request(close)).await.unwrap().into_inner().cycle.unwrap();
    let awaited = runs.cancel_attribution_run(fixture.admin.request(cancel(&closing.attribution_run_id))).await;
    assert_eq!(reason(awaited), "RUN_AWAITED");
    let list = pb::ListAttributionRunsRequest::default();
    assert_eq!(runs.list_attribution_runs(fixture.admin.request(list)).await.unwrap().into_inner().runs.len(), 2);
}
