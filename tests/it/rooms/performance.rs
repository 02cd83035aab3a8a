//! Cycles that are closed again, records and their credits as an auditor reads them, and what crosses a region.

use std::collections::BTreeMap;

use tally_api::attendance::v1 as attendance;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tonic::Code;

use super::regions;
use crate::journey::Done;
use crate::rooms::month;
use crate::stack::Stack;

/// Does them all, and looks at what came of each.
pub async fn journey(stack: &Stack, done: &Done) {
    cycles(done).await;
    schemes(done).await;
    runs(done).await;
    records(done).await;
    putting_right(done).await;
    observations(done).await;
    super::measures::journey(done).await;
    schedules(done).await;
    regions::all(stack, done).await;
    exported(done).await;
    correction(done).await;
    super::corrections_of_pay::of_the_group(done).await;
}

async fn cycles(done: &Done) {
    let hr = &done.crew.hr;
    let mut cycles = performance::cycle_service_client::CycleServiceClient::new(hr.at.performance.clone());
    let ask = performance::GetCycleRequest { cycle_id: done.outcome.cycle_id.clone() };
    let published = cycles.get_cycle(hr.ask(ask)).await.expect("the cycle").into_inner().cycle.expect("the cycle");
    assert_eq!(published.state(), performance::CycleState::Published);
    let listed = cycles.list_cycles(hr.ask(performance::ListCyclesRequest::default())).await.expect("cycles");
    assert_eq!(listed.into_inner().cycles, std::slice::from_ref(&published));
    let mut schemes = performance::scheme_service_client::SchemeServiceClient::new(hr.at.performance.clone());
    let (scheme_id, version) = (published.scheme_id.clone(), published.scheme_version);
    let ask = performance::GetSchemeRequest { scheme_id, version };
    let scheme = schemes.get_scheme(hr.ask(ask)).await.expect("the scheme").into_inner().scheme.expect("the scheme");
    let listed = schemes.list_schemes(hr.ask(performance::ListSchemesRequest::default())).await.expect("schemes");
    assert!(listed.into_inner().schemes.iter().any(|one| one.scheme_id == scheme.scheme_id));
    let ask = performance::CloseCycleRequest { cycle_id: done.outcome.cycle_id.clone(), ..Default::default() };
    let refused = cycles.close_cycle(hr.ask(ask)).await.expect_err("a published cycle");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");

    let another = performance::Cycle {
        name: "once more".into(),
        period: published.period,
        scheme_id: published.scheme_id,
        scheme_version: published.scheme_version,
        policy: published.policy,
        ..Default::default()
    };
    let ask = performance::CreateCycleRequest { cycle: Some(another), ..Default::default() };
    let cycle_id =
        cycles.create_cycle(hr.ask(ask)).await.expect("a cycle").into_inner().cycle.expect("a cycle").cycle_id;
    let ask = performance::CloseCycleRequest { cycle_id: cycle_id.clone(), ..Default::default() };
    cycles.close_cycle(hr.ask(ask)).await.expect("closing");
    let ask = performance::CancelCycleRequest { cycle_id, ..Default::default() };
    let cancelled = cycles.cancel_cycle(hr.ask(ask)).await.expect("cancelling").into_inner().cycle.expect("the cycle");
    assert_eq!(cancelled.state(), performance::CycleState::Open, "what was begun can be begun again");
}

/// A record of the published month is revised: what that touches is known, and a correction makes new versions of the cards.
async fn correction(done: &Done) {
    let hr = &done.crew.hr;
    let cycle_id = done.outcome.cycle_id.clone();
    let (account_id, person_id) = revised(done).await;
    worked(done, &account_id, &person_id).await;
    let mut changes = performance::change_service_client::ChangeServiceClient::new(hr.at.performance.clone());
    let ask = performance::ListTouchedCyclesRequest { account_ids: vec![account_id.clone()], ..Default::default() };
    let touched = changes.list_touched_cycles(hr.ask(ask)).await.expect("cycles").into_inner().cycles;
    assert!(touched.iter().any(|cycle| cycle.cycle_id == cycle_id));
    let ask = performance::ListCycleChangesRequest { cycle_id: cycle_id.clone(), ..Default::default() };
    let found = changes.list_cycle_changes(hr.ask(ask)).await.expect("changes").into_inner();
    let changed = found.changes;
    assert!(changed.iter().any(|change| change.account_id == account_id && change.records == 1), "{changed:?}");
    let worked = |duty: &performance::DutyChange| duty.date == "2026-03-31" && duty.person_ids.contains(&person_id);
    assert!(changed.iter().flat_map(|change| &change.duty).any(worked), "{changed:?}");
    let mut cycles = performance::cycle_service_client::CycleServiceClient::new(hr.at.performance.clone());
    let reason = "a case was opened again".to_owned();
    let ask = performance::CorrectCycleRequest { cycle_id: cycle_id.clone(), reason, ..Default::default() };
    let begun =
        cycles.correct_cycle(hr.ask(ask)).await.expect("a correction").into_inner().cycle.expect("a correction");
    assert_eq!(begun.corrects_id, cycle_id);
    let ask = performance::WatchCycleRequest { cycle_id: begun.cycle_id };
    let mut states = cycles.watch_cycle(hr.ask(ask)).await.expect("its progress").into_inner();
    let mut last = None;
    while let Some(state) = states.message().await.expect("its progress") {
        last = state.cycle;
    }
    let corrected = last.expect("the correction");
    assert_eq!(corrected.state(), performance::CycleState::Reviewable, "{}", corrected.failure);
    let others = corrected.summary.expect("figures").corrected_people;
    let ask = performance::PublishCycleRequest { cycle_id: corrected.cycle_id, ..Default::default() };
    let published = cycles.publish_cycle(hr.ask(ask)).await.expect("published").into_inner().cycle.expect("published");
    assert_eq!(published.result_version, 2);
    let mut cards = performance::card_service_client::CardServiceClient::new(hr.at.performance.clone());
    let ask = performance::ListCardsRequest { cycle_id: cycle_id.clone(), page_size: 1_000, ..Default::default() };
    let mut changed = 0;
    for card in cards.list_cards(hr.ask(ask)).await.expect("cards").into_inner().cards {
        let ask =
            performance::ListCardVersionsRequest { cycle_id: cycle_id.clone(), person_id: card.person_id.clone() };
        let versions = cards.list_card_versions(hr.ask(ask)).await.expect("versions").into_inner().versions;
        let newest = versions.last().expect("a version");
        assert_eq!((versions.len(), newest.card.as_ref()), (2, Some(&card)));
        changed += u32::from(!newest.changes.is_empty());
    }
    assert!(changed > 0 && changed == others, "{changed} say what changed, {others} were counted");
}

/// It comes late that somebody was on duty for an account in the last night of March, from three to four in Shanghai.
async fn worked(done: &Done, account_id: &str, person_id: &str) {
    let hr = &done.crew.hr;
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let (three, four) = (1_774_897_200, 1_774_900_800);
    let (person_id, account_id) = (person_id.to_owned(), account_id.to_owned());
    let shift = attendance::Shift {
        person_id: person_id.clone(),
        account_id,
        start: at(three),
        end: at(four),
        ..Default::default()
    };
    let mut rosters = attendance::roster_service_client::RosterServiceClient::new(hr.at.attendance.clone());
    let ask = attendance::PublishShiftsRequest { rows: vec![shift], ..Default::default() };
    let result = rosters.publish_shifts(hr.ask(ask)).await.expect("an import").into_inner().result.expect("a result");
    assert_eq!(result.written, 1, "{result:?}");
    let punch = |kind: attendance::PunchKind, seconds| attendance::Punch {
        person_id: person_id.clone(),
        at: at(seconds),
        kind: kind.into(),
        ..Default::default()
    };
    let rows = vec![punch(attendance::PunchKind::In, three), punch(attendance::PunchKind::Out, four)];
    let mut punches = attendance::punch_service_client::PunchServiceClient::new(hr.at.attendance.clone());
    let ask = attendance::ImportPunchesRequest { rows, ..Default::default() };
    let result = punches.import_punches(hr.ask(ask)).await.expect("an import").into_inner().result.expect("a result");
    assert_eq!(result.written, 2, "{result:?}");
}

/// Says otherwise of a record that somebody is credited with: its account, and who that is.
async fn revised(done: &Done) -> (String, String) {
    let hr = &done.crew.hr;
    let mut credits = performance::attribution_service_client::AttributionServiceClient::new(hr.at.performance.clone());
    let ask = performance::ExportCreditsRequest { cycle_id: done.outcome.cycle_id.clone(), ..Default::default() };
    let mut parts = credits.export_credits(hr.ask(ask)).await.expect("credits").into_inner();
    let part = parts.message().await.expect("credits").expect("credits");
    let credit = part.credits.into_iter().find(|credit| !credit.shares.is_empty()).expect("a credited record");
    let ids = &done.outcome.ids;
    let at = ids.accounts.iter().position(|account| *account == credit.account_id).expect("its account");
    let (unit_id, region) = ids.places[at].clone();
    let person_id = credit.shares.first().expect("a share").person_id.clone();
    let account_id = credit.account_id;
    let mut records = performance::record_service_client::RecordServiceClient::new(hr.at.performance.clone());
    let ask = performance::GetRecordRequest {
        account_id: account_id.clone(),
        external_id: credit.external_id,
        ..Default::default()
    };
    let mut row = records.get_record(hr.ask(ask)).await.expect("a record").into_inner().record.expect("a record");
    (row.resolved, row.revision) = (Some(row.resolved != Some(true)), row.revision + 1);
    let of = account_id.clone();
    let ask =
        performance::ImportRecordsRequest { account_id: of, region, unit_id, rows: vec![row], ..Default::default() };
    let result = records.import_records(hr.ask(ask)).await.expect("an import").into_inner().result.expect("a result");
    assert_eq!(result.revised, 1, "{result:?}");
    (account_id, person_id)
}

/// The group's scheme as a standard, what a branch makes of it, and what is out of use.
async fn schemes(done: &Done) {
    let hr = &done.crew.hr;
    let mut schemes = performance::scheme_service_client::SchemeServiceClient::new(hr.at.performance.clone());
    let listed = schemes.list_schemes(hr.ask(performance::ListSchemesRequest::default())).await.expect("schemes");
    let mut standard = listed.into_inner().schemes.first().expect("a scheme").clone();
    standard.name = "standard".into();
    let key = standard.kpis.first().expect("an indicator").key.clone();
    let bounds = performance::KpiBounds { key, weight_within: "5".into(), ..Default::default() };
    standard.bounds = Some(performance::SchemeBounds { kpis: vec![bounds], ..Default::default() });
    let mut write = async |scheme: performance::Scheme| {
        let ask = performance::CreateSchemeVersionRequest { scheme: Some(scheme), ..Default::default() };
        schemes.create_scheme_version(hr.ask(ask)).await
    };
    let standard = write(standard).await.expect("a standard").into_inner().scheme.expect("a standard");
    let mut branch = performance::Scheme { name: "of a branch".into(), bounds: None, ..standard.clone() };
    branch.unit_id = team_of(done).await;
    let (scheme_id, version) = (standard.scheme_id.clone(), standard.version);
    branch.parent = Some(performance::SchemeParent { scheme_id: scheme_id.clone(), version });
    let written = write(branch.clone()).await.expect("a refinement").into_inner().scheme.expect("a refinement");
    branch.kpis[0].weight = "99".into();
    let refused = write(branch).await.expect_err("a refinement outside of the bounds");
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    let ask = performance::ListRefinementsRequest { scheme_id: scheme_id.clone(), ..Default::default() };
    let found = schemes.list_refinements(hr.ask(ask)).await.expect("refinements").into_inner().refinements;
    assert_eq!(found.iter().filter_map(|one| one.scheme.clone()).collect::<Vec<_>>(), [written]);
    let withdrawal =
        performance::SchemeWithdrawal { from: "2000-01-01".into(), reason: "a trial".into(), ..Default::default() };
    let ask = performance::WithdrawSchemeRequest { scheme_id, withdrawal: Some(withdrawal), ..Default::default() };
    let out = schemes.withdraw_scheme(hr.ask(ask)).await.expect("withdrawing").into_inner().scheme.expect("the scheme");
    assert_eq!(out.withdrawal.map(|out| out.from).as_deref(), Some("2000-01-01"));
}

/// The standard leaves the region by which `regions` has this stack believed, and comes home: nothing is new.
async fn exported(done: &Done) {
    let hr = &done.crew.hr;
    let from_region = done.reading.bundle.group.branches.values().next().expect("a region").clone();
    let mut schemes = performance::scheme_service_client::SchemeServiceClient::new(hr.at.performance.clone());
    let listed = schemes.list_schemes(hr.ask(performance::ListSchemesRequest::default())).await.expect("schemes");
    let listed = listed.into_inner().schemes;
    let standard = listed.into_iter().find(|one| one.name == "standard" && one.unit_id.is_empty()).expect("a standard");
    let (scheme_id, versions) = (standard.scheme_id.clone(), standard.version);
    let ask = performance::ExportStandardRequest { scheme_id, from_region, ..Default::default() };
    let file = schemes.export_standard(hr.ask(ask)).await.expect("a file").into_inner().file;
    let ask = performance::ImportStandardRequest { file, ..Default::default() };
    let home = schemes.import_standard(hr.ask(ask)).await.expect("taken in").into_inner();
    assert_eq!((home.written, home.unchanged), (0, versions));
    assert_eq!(home.scheme, Some(standard));
}

/// A unit below the group.
pub async fn team_of(done: &Done) -> String {
    let hr = &done.crew.hr;
    let mut org = identity::org_service_client::OrgServiceClient::new(hr.at.identity.clone());
    let units = org.list_org_units(hr.ask(identity::ListOrgUnitsRequest::default())).await.expect("units").into_inner();
    units.units.into_iter().find(|unit| !unit.parent_id.is_empty()).expect("a unit below").unit_id
}

async fn runs(done: &Done) {
    let hr = &done.crew.hr;
    let mut cycles = performance::cycle_service_client::CycleServiceClient::new(hr.at.performance.clone());
    let ask = performance::GetCycleRequest { cycle_id: done.outcome.cycle_id.clone() };
    let published = cycles.get_cycle(hr.ask(ask)).await.expect("the cycle").into_inner().cycle.expect("the cycle");
    let (period, policy) = (published.period.clone(), published.policy.clone());
    let ask = performance::PreviewPopulationRequest { period: period.clone(), ..Default::default() };
    let people = cycles.preview_population(hr.ask(ask)).await.expect("who is in").into_inner();
    assert!(people.included > 0 && !people.members.is_empty());
    let mut runs =
        performance::attribution_run_service_client::AttributionRunServiceClient::new(hr.at.performance.clone());
    let run = performance::AttributionRun { period, policy, ..Default::default() };
    let start = || performance::StartAttributionRunRequest { run: Some(run.clone()), ..Default::default() };
    let begun = runs.start_attribution_run(hr.ask(start())).await.expect("a run").into_inner().run.expect("a run");
    let ask =
        performance::CancelAttributionRunRequest { attribution_run_id: begun.attribution_run_id, ..Default::default() };
    let stopped = runs.cancel_attribution_run(hr.ask(ask)).await.expect("stopping").into_inner().run.expect("the run");
    assert_eq!(stopped.state(), performance::AttributionRunState::Cancelled);
    let begun = runs.start_attribution_run(hr.ask(start())).await.expect("a run").into_inner().run.expect("a run");
    let attribution_run_id = begun.attribution_run_id;
    let ask = performance::WatchAttributionRunRequest { attribution_run_id: attribution_run_id.clone() };
    let mut states = runs.watch_attribution_run(hr.ask(ask)).await.expect("watching").into_inner();
    while states.message().await.expect("the run as it stands").is_some() {}
    let ask = performance::GetAttributionRunRequest { attribution_run_id: attribution_run_id.clone() };
    let ended = runs.get_attribution_run(hr.ask(ask)).await.expect("the run").into_inner().run.expect("the run");
    assert_eq!(ended.state(), performance::AttributionRunState::Done, "{}", ended.failure);
    let (of_run, of_cycle) = (ended.summary.expect("figures"), published.summary.expect("figures"));
    // Who was on duty has been corrected since, so the rungs may be others.
    assert_eq!(of_run.records, of_cycle.records);
    assert_eq!(of_run.rungs.iter().map(|rung| rung.records).sum::<u64>(), of_run.records);
    let list = runs.list_attribution_runs(hr.ask(performance::ListAttributionRunsRequest::default())).await;
    assert!(list.expect("runs").into_inner().runs.iter().any(|run| run.attribution_run_id == attribution_run_id));
}

/// A schedule looks at the month, and is stopped before it closes.
async fn schedules(done: &Done) {
    let hr = &done.crew.hr;
    let channel = hr.at.performance.clone();
    let mut schedules = performance::schedule_service_client::ScheduleServiceClient::new(channel);
    let mut cycles = performance::cycle_service_client::CycleServiceClient::new(hr.at.performance.clone());
    let ask = performance::GetCycleRequest { cycle_id: done.outcome.cycle_id.clone() };
    let published = cycles.get_cycle(hr.ask(ask)).await.expect("the cycle").into_inner().cycle.expect("the cycle");
    let monthly = performance::Schedule {
        name: "every month".into(),
        scheme_id: published.scheme_id,
        scheme_version: published.scheme_version,
        policy: published.policy,
        zone: "Asia/Shanghai".into(),
        day: 31,
        time: "02:30".into(),
        dry_first: true,
        delay_minutes: 10_080,
        ..Default::default()
    };
    let ask = performance::CreateScheduleRequest { schedule: Some(monthly), ..Default::default() };
    let made = schedules.create_schedule(hr.ask(ask)).await.expect("a schedule").into_inner().schedule;
    let made = made.expect("a schedule");
    let schedule_id = made.schedule_id.clone();
    let changed = performance::Schedule { name: "once a month".into(), ..made };
    let ask = performance::UpdateScheduleRequest { schedule: Some(changed), ..Default::default() };
    schedules.update_schedule(hr.ask(ask)).await.expect("another name");
    let ask = performance::GetScheduleRequest { schedule_id: schedule_id.clone() };
    let there = schedules.get_schedule(hr.ask(ask)).await.expect("the schedule").into_inner().schedule;
    let listed = schedules.list_schedules(hr.ask(performance::ListSchedulesRequest::default())).await;
    assert_eq!(listed.expect("schedules").into_inner().schedules, there.into_iter().collect::<Vec<_>>());
    let month = published.period.expect("a period").from[..7].to_owned();
    let ask = performance::BeginScheduleRunRequest { schedule_id: schedule_id.clone(), month, ..Default::default() };
    let begun = schedules.begin_schedule_run(hr.ask(ask)).await.expect("a run").into_inner().run.expect("a run");
    let run = tally_testkit::eventually("a schedule has looked", async || {
        let ask = performance::ListScheduleRunsRequest { schedule_id: schedule_id.clone(), ..Default::default() };
        let mut runs = schedules.clone().list_schedule_runs(hr.ask(ask)).await.expect("runs").into_inner().runs;
        let run = runs.pop().expect("a run");
        (run.state() != performance::ScheduleRunState::Looking).then_some(run)
    })
    .await;
    assert_eq!(run.state(), performance::ScheduleRunState::Waiting, "{}", run.failure);
    let ask =
        performance::StopScheduleRunRequest { schedule_run_id: begun.schedule_run_id.clone(), ..Default::default() };
    let stopped = schedules.stop_schedule_run(hr.ask(ask)).await.expect("stopping").into_inner().run.expect("the run");
    assert_eq!(stopped.state(), performance::ScheduleRunState::Stopped);
    let ask = performance::DeleteScheduleRequest { schedule_id, ..Default::default() };
    schedules.delete_schedule(hr.ask(ask)).await.expect("an end");
}

/// Values of another year are sent, sent as a stream, listed and withdrawn: the month that is closed knows nothing of them.
async fn observations(done: &Done) {
    use performance::subject::Of;
    let hr = &done.crew.hr;
    let channel = hr.at.performance.clone();
    let mut observations = performance::observation_service_client::ObservationServiceClient::new(channel);
    let row = |of: Of, value: &str| performance::Observation {
        measure: "training_hours".into(),
        subject: Some(performance::Subject { of: Some(of) }),
        from: "2026-02-03".into(),
        value: value.into(),
        source: "school".into(),
        ..Default::default()
    };
    let person = done.outcome.ids.people.first().expect("a person").clone();
    let rows = vec![row(Of::PersonId(person.clone()), "4"), row(Of::UnitId(team_of(done).await), "many")];
    let ask = performance::ImportObservationsRequest { rows, ..Default::default() };
    let reply = observations.import_observations(hr.ask(ask)).await.expect("an import").into_inner();
    let result = reply.result.expect("a result");
    assert_eq!((result.written, result.problems.len()), (1, 1), "{result:?}");
    let part = |value: &str| performance::StreamObservationsRequest {
        rows: vec![row(Of::PersonId(person.clone()), value), row(Of::Campaign("Spring".into()), value)],
        ..Default::default()
    };
    let parts = tonic::codegen::tokio_stream::iter([part("4"), part("5")]);
    let reply = observations.stream_observations(hr.ask(parts)).await.expect("a stream").into_inner();
    let result = reply.result.expect("a result");
    assert_eq!((result.written, result.unchanged, result.problems.len()), (1, 1, 2), "{result:?}");
    let who = &done.crew.auditor;
    let ask = performance::ListObservationsRequest { measure: "training_hours".into(), ..Default::default() };
    let found = observations.list_observations(who.ask(ask)).await.expect("observations").into_inner().observations;
    assert_eq!(found.len(), 2, "{found:?}");
    let campaign = found.into_iter().find(|one| one.unit_id.is_empty()).expect("the group's");
    let (observation_id, reason) = (campaign.observation_id, "a trial".to_owned());
    let ask = performance::WithdrawObservationRequest { observation_id, reason, ..Default::default() };
    let was = observations.withdraw_observation(hr.ask(ask)).await.expect("a withdrawal").into_inner();
    assert_eq!(was.observation.expect("what it said").value, "4");
}

async fn records(done: &Done) {
    let who = &done.crew.auditor;
    let mut records = performance::record_service_client::RecordServiceClient::new(who.at.performance.clone());
    let (from, to) = month(done);
    let account_id = done.outcome.ids.accounts.first().expect("an account").clone();
    let ask = performance::ListRecordsRequest { account_id: account_id.clone(), from, to, ..Default::default() };
    let found = records.list_records(who.ask(ask)).await.expect("records").into_inner().records;
    let record = found.iter().find(|record| !record.customer.is_empty() || !record.agent.is_empty());
    let external_id = record.expect("a record of somebody").external_id.clone();
    let ask = performance::GetRecordRequest {
        account_id: account_id.clone(),
        external_id: external_id.clone(),
        known_at: None,
    };
    let one = records.get_record(who.ask(ask)).await.expect("a record").into_inner().record.expect("a record");
    assert_eq!(one.external_id, external_id);
    let mut credits =
        performance::attribution_service_client::AttributionServiceClient::new(who.at.performance.clone());
    let cycle_id = done.outcome.cycle_id.clone();
    let mut shares = 0;
    for record in &found {
        let external_id = record.external_id.clone();
        let (cycle_id, account_id) = (cycle_id.clone(), account_id.clone());
        let ask = performance::ExplainRecordRequest { cycle_id, account_id, external_id, ..Default::default() };
        // A record outside of the period has no credit.
        let told = credits.explain_record(who.ask(ask)).await.ok().and_then(|reply| reply.into_inner().credit);
        shares = told.map_or(0, |credit| credit.shares.len());
        if shares > 0 {
            break;
        }
    }
    assert!(shares > 0, "somebody is credited");
    let ask = performance::ListTotalsRequest { cycle_id: cycle_id.clone(), ..Default::default() };
    let page = credits.list_totals(who.ask(ask)).await.expect("totals").into_inner();
    let person_id = page.totals.first().expect("a total").person_id.clone();
    let told: Vec<_> = page.evidence.iter().map(|one| (one.now_ppm, one.with_claims_ppm)).collect();
    assert!(!told.is_empty() && told.iter().all(|(now, claims)| claims <= now), "{told:?}");
    let ask = performance::ListFindingsRequest { cycle_id, ..Default::default() };
    let found = credits.list_findings(who.ask(ask)).await.expect("findings").into_inner().findings;
    let odd = found.first().expect("a finding");
    assert!(!odd.advice.is_empty() && !odd.finding_id.is_empty(), "{odd:?}");
    let mut findings = performance::finding_service_client::FindingServiceClient::new(who.at.performance.clone());
    let ask = performance::ListPersonFindingsRequest { person_id, ..Default::default() };
    findings.list_person_findings(who.ask(ask)).await.expect("what is odd about somebody");
    let ask = performance::GetFindingRequest { finding_id: odd.finding_id.clone() };
    assert_eq!(findings.get_finding(who.ask(ask)).await.expect("one").into_inner().finding.as_ref(), Some(odd));
    let ready =
        |f: &&tally_api::common::v1::Finding| f.fix.as_ref().is_some_and(|fix| fix.method.starts_with("Correct"));
    if let Some(ready) = found.iter().find(ready) {
        let (finding_id, reason) = (ready.finding_id.clone(), "the terminal was broken".to_owned());
        let ask = performance::ApplyFixRequest { finding_id, reason, ..Default::default() };
        let done = findings.apply_fix(done.crew.hr.ask(ask)).await.expect("a correction that waits").into_inner();
        assert!(done.answer.contains("WAITING"), "{}", done.answer);
    }
    let without = found.iter().find(|f| f.fix.is_none()).expect("a finding that takes somebody who knows");
    let ask = performance::ApplyFixRequest {
        finding_id: without.finding_id.clone(),
        reason: "nobody knows".to_owned(),
        ..Default::default()
    };
    let refused = findings.apply_fix(done.crew.hr.ask(ask)).await.expect_err("there is no fix");
    assert_eq!(tally_rpc::error_from(refused).reason(), "FINDING_WITHOUT_FIX");
}

/// A record of another year is sent, revised, moved to another account and withdrawn: the month that is closed knows nothing of it.
async fn putting_right(done: &Done) {
    let hr = &done.crew.hr;
    let mut records = performance::record_service_client::RecordServiceClient::new(hr.at.performance.clone());
    let place = |at: usize| {
        let (unit_id, region) = done.outcome.ids.places[at].clone();
        (done.outcome.ids.accounts[at].clone(), region, unit_id)
    };
    let ((account_id, region, unit_id), (to_account_id, to_region, to_unit_id)) = (place(0), place(1));
    // The month that came in told of its own.
    let before = changes(done).await;
    assert!(before["imported"] > 1 && before["replied"] > 0 && before["claimed"] > 0, "{before:?}");
    let instant = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let external_id = "put-right".to_owned();
    for revision in [1, 2] {
        let row = performance::Record {
            external_id: external_id.clone(),
            started_at: instant(1_770_000_000),
            ended_at: instant(1_770_000_000 + i64::try_from(revision).expect("a few seconds")),
            revision,
            ..Default::default()
        };
        let (account_id, region, unit_id) = (account_id.clone(), region.clone(), unit_id.clone());
        let ask =
            performance::ImportRecordsRequest { account_id, region, unit_id, rows: vec![row], ..Default::default() };
        let reply = records.import_records(hr.ask(ask)).await.expect("an import").into_inner();
        let result = reply.result.expect("a result");
        assert_eq!((result.written, result.revised), if revision == 1 { (1, 0) } else { (0, 1) }, "{result:?}");
        assert_eq!(reply.touched.len(), 1);
    }
    super::replies::of_a_record(done, &account_id, &external_id).await;
    super::claims::on_an_account(done, &account_id).await;
    let ask = performance::MoveRecordRequest {
        account_id,
        region,
        unit_id,
        external_id: external_id.clone(),
        to_account_id: to_account_id.clone(),
        to_region: to_region.clone(),
        to_unit_id: to_unit_id.clone(),
        reason: "sent for the wrong account".to_owned(),
        ..Default::default()
    };
    let moved = records.move_record(hr.ask(ask)).await.expect("a move").into_inner();
    assert_eq!(moved.touched.len(), 2, "{moved:?}");
    let ask = performance::WithdrawRecordRequest {
        account_id: to_account_id.clone(),
        region: to_region,
        unit_id: to_unit_id,
        external_id: external_id.clone(),
        reason: "a test dialogue".to_owned(),
        ..Default::default()
    };
    records.withdraw_record(hr.ask(ask)).await.expect("a withdrawal");
    let ask = performance::ListRecordVersionsRequest { account_id: to_account_id, external_id, ..Default::default() };
    let versions = records.list_record_versions(hr.ask(ask)).await.expect("versions").into_inner().versions;
    let ended: Vec<_> = versions.iter().map(performance::RecordVersion::ended).collect();
    use performance::VersionEnd::{Moved, Revised, Withdrawn};
    assert_eq!(ended, [Withdrawn, Moved, Revised]);
    let after = changes(done).await;
    let told = ["imported", "moved_away", "moved_here", "withdrawn", "replied", "claimed"]
        .map(|what| after[what] - before.get(what).unwrap_or(&0));
    assert_eq!(told, [2, 1, 1, 1, 2, 3], "{before:?} {after:?}");
}

/// How many changes of records there were, by what they were.
async fn changes(done: &Done) -> BTreeMap<String, usize> {
    let hr = &done.crew.hr;
    let since = Some(prost_types::Timestamp { seconds: 1_770_000_000, nanos: 0 });
    let mut records = performance::record_service_client::RecordServiceClient::new(hr.at.performance.clone());
    let ask = performance::ListRecordChangesRequest { since, page_size: 1000, ..Default::default() };
    let listed = records.list_record_changes(hr.ask(ask)).await.expect("changes").into_inner();
    assert_eq!(listed.next_page_token, "", "all of them");
    let mut counts = BTreeMap::new();
    for change in listed.changes {
        *counts.entry(change.what).or_default() += 1;
    }
    counts
}
