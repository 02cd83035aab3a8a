//! Months that are closed by themselves.

use jiff::{SignedDuration, Timestamp};
use tally_access::Permission;
use tally_api::attendance::v1::DutyRule;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::ScheduleRunState::{Closing, Done, Failed, Stopped, Waiting};
use tally_rpc::error_from;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::{eventually, on_both};

use crate::fixture::{Fixture, NORTH, NOW, PeerFacts, SOUTH, at, reason, record};

/// Half past two on the third of the month, by the clock of Shanghai.
pub const DUE: &str = "2026-04-02T18:30:00Z";

fn told() -> PeerFacts {
    let mut told = PeerFacts::of(3, 2);
    told.on_duty(1, 1, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z");
    told.on_duty(2, 2, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z");
    told.findings = vec![tally_api::common::v1::Finding {
        kind: "MISSING_PUNCH".into(),
        subject: "E0001".into(),
        at: "2026-03-02T08:00:00Z".into(),
        detail: "no punch out".into(),
        ..Default::default()
    }];
    told
}

/// With records in March, a scheme, and both clocks at [`NOW`]; no background work yet.
pub async fn ready(on: Backend) -> (Fixture, String) {
    let db = TestStore::on(on, tally_performance::SERVICE, tally_performance::migrations).await;
    let behind = NOW.parse::<Timestamp>().unwrap().duration_since(db.clock.now());
    db.clock.advance(behind);
    let fixture = Fixture::on(db, told());
    fixture.import(1, vec![record("a", "2026-03-02T01:00:00Z"), record("b", "2026-03-02T02:00:00Z")]).await;
    fixture.import(2, vec![record("c", "2026-03-02T01:00:00Z")]).await;
    let scheme = fixture.scheme(crate::fixture::scheme()).await;
    (fixture, scheme)
}

pub fn schedule(scheme: &str) -> pb::Schedule {
    pb::Schedule {
        name: "Every month".into(),
        scheme_id: scheme.into(),
        zone: "Asia/Shanghai".into(),
        day: 3,
        time: "02:30".into(),
        ..Default::default()
    }
}

pub fn dry(scheme: &str) -> pb::Schedule {
    pb::Schedule { dry_first: true, delay_minutes: 60, ..schedule(scheme) }
}

impl Fixture {
    pub async fn schedule(&self, schedule: pb::Schedule) -> pb::Schedule {
        let ask = pb::CreateScheduleRequest { schedule: Some(schedule), ..Default::default() };
        self.schedules().create_schedule(self.admin.request(ask)).await.unwrap().into_inner().schedule.unwrap()
    }

    pub async fn scheduled(&self, id: &str) -> pb::Schedule {
        let ask = pb::GetScheduleRequest { schedule_id: id.into() };
        self.schedules().get_schedule(self.admin.request(ask)).await.unwrap().into_inner().schedule.unwrap()
    }

    /// The runs of a schedule, oldest first.
    pub async fn schedule_runs(&self, id: &str) -> Vec<pb::ScheduleRun> {
        let ask = pb::ListScheduleRunsRequest { schedule_id: id.into(), ..Default::default() };
        let mut runs = self.schedules().list_schedule_runs(self.admin.request(ask)).await.unwrap().into_inner().runs;
        runs.reverse();
        runs
    }

    pub async fn cycles_there(&self) -> Vec<pb::Cycle> {
        let ask = pb::ListCyclesRequest::default();
        self.cycles().list_cycles(self.admin.request(ask)).await.unwrap().into_inner().cycles
    }

    /// Both clocks move on.
    pub fn move_on(&mut self, by: SignedDuration) {
        self.db.clock.advance(by);
        self.pass(by);
    }

    /// To this instant.
    pub fn until(&mut self, at: &str) {
        let by = at.parse::<Timestamp>().unwrap().duration_since(self.callers.clock.now());
        self.move_on(by);
    }

    /// Waits until the runs of a schedule are in these states. Time goes on for a run whose cycle rests, so that it is looked at again.
    pub async fn reach(&mut self, id: &str, states: &[pb::ScheduleRunState]) -> Vec<pb::ScheduleRun> {
        eventually("the runs of a schedule", async || {
            let runs = self.schedule_runs(id).await;
            if runs.iter().map(pb::ScheduleRun::state).eq(states.iter().copied()) {
                return Some(runs);
            }
            let cycles = self.cycles_there().await;
            let rests = |run: &pb::ScheduleRun| {
                cycles.iter().any(|cycle| cycle.cycle_id == run.cycle_id && cycle.state() != pb::CycleState::Closing)
            };
            if runs.iter().any(|run| run.state() == Closing && rests(run)) {
                self.move_on(SignedDuration::from_secs(5));
            }
            None
        })
        .await
    }
}

on_both!(a_schedule_looks_first_and_closes_later_by_itself_and_nothing_is_published, flavor = "multi_thread");
async fn a_schedule_looks_first_and_closes_later_by_itself_and_nothing_is_published(on: Backend) {
    let (mut fixture, scheme) = ready(on).await;
    let id = fixture.schedule(dry(&scheme)).await;
    assert_eq!((id.next_at, id.next_period.unwrap().from.as_str()), (at(DUE), "2026-03-01"));
    let id = id.schedule_id;
    fixture.work();
    fixture.until(DUE);
    let run = fixture.reach(&id, &[Waiting]).await.remove(0);
    assert_eq!(
        (run.name.as_str(), run.due_at, run.next_at),
        ("Every month 2026-03", at(DUE), at("2026-04-02T19:30:00Z"))
    );
    let looked = &run.log[1].text;
    for word in ["2 accounts with 3 records", "MISSING_PUNCH 1"] {
        assert!(looked.contains(word), "{word}: {looked}");
    }
    assert!(fixture.cycles_there().await.is_empty(), "looking makes nothing");
    assert_eq!(fixture.scheduled(&id).await.next_at, at("2026-05-02T18:30:00Z"), "the next month has its turn");
    fixture.until("2026-04-02T19:30:00Z");
    let run = fixture.reach(&id, &[Done]).await.remove(0);
    let cycles = fixture.cycles_there().await;
    assert_eq!((cycles.len(), &cycles[0].cycle_id, cycles[0].name.as_str()), (1, &run.cycle_id, "Every month 2026-03"));
    assert_eq!((cycles[0].state(), cycles[0].result_version), (pb::CycleState::Reviewable, 0), "nobody published it");
    assert_eq!((run.done, run.total, run.next_at), (cycles[0].done, cycles[0].total, None));
    let last = run.log.last().unwrap();
    assert!(last.text.starts_with("closed: 2 people have a card, of 3 records 0"), "{}", last.text);
    assert!(run.log.iter().is_sorted_by_key(|line| line.at.unwrap().seconds));
    assert_eq!(fixture.scheduled(&id).await.failure, "");
}

on_both!(what_waits_is_stopped_and_what_closes_or_is_over_is_not, flavor = "multi_thread");
async fn what_waits_is_stopped_and_what_closes_or_is_over_is_not(on: Backend) {
    let (mut fixture, scheme) = ready(on).await;
    let id = fixture.schedule(dry(&scheme)).await.schedule_id;
    let other = fixture.schedule(pb::Schedule { name: "Another".into(), ..dry(&scheme) }).await.schedule_id;
    fixture.work();
    fixture.until(DUE);
    let run = fixture.reach(&id, &[Waiting]).await.remove(0);
    fixture.reach(&other, &[Waiting]).await;
    let ask = |request: &str| {
        let (request_id, schedule_run_id) = (request.into(), run.schedule_run_id.clone());
        pb::StopScheduleRunRequest { request_id, schedule_run_id }
    };
    let stop = async |request: &str| fixture.schedules().stop_schedule_run(fixture.admin.request(ask(request))).await;
    let stopped = stop("s1").await.unwrap().into_inner();
    assert_eq!(stopped.run.as_ref().unwrap().state(), Stopped);
    assert_eq!(stop("s1").await.unwrap().into_inner(), stopped, "the same request, the same answer");
    assert_eq!(reason(stop("s2").await), "SCHEDULE_RUN_ENDED");
    let ask = || pb::DeleteScheduleRequest { schedule_id: other.clone(), request_id: "d1".into() };
    fixture.schedules().delete_schedule(fixture.admin.request(ask())).await.unwrap();
    fixture.schedules().delete_schedule(fixture.admin.request(ask())).await.unwrap();
    let another = pb::DeleteScheduleRequest { request_id: "d2".into(), ..ask() };
    assert_eq!(reason(fixture.schedules().delete_schedule(fixture.admin.request(another)).await), "NOT_FOUND");
    fixture.reach(&other, &[Stopped]).await;
    let ask = pb::GetScheduleRequest { schedule_id: other.clone() };
    assert_eq!(reason(fixture.schedules().get_schedule(fixture.admin.request(ask)).await), "NOT_FOUND");
    fixture.until("2026-05-02T18:30:00Z");
    // A month without records: looking says what will come of it, and what comes in by then counts.
    let told = fixture.reach(&id, &[Stopped, Waiting]).await.remove(1);
    let last = &told.log.last().unwrap().text;
    assert!(last.starts_with("as it is now, closing will be refused: ") && last.contains("2026-04-30"), "{last}");
    fixture.until("2026-05-02T19:30:00Z");
    let failed = fixture.reach(&id, &[Stopped, Failed]).await.remove(1);
    assert_eq!(failed.failure_reason, "PERIOD_WITHOUT_RECORDS");
    assert!(fixture.cycles_there().await.is_empty());
    assert_eq!(fixture.schedule_runs(&other).await.len(), 1, "a schedule that is gone begins nothing");
}

on_both!(
    months_that_were_missed_are_begun_late_the_oldest_first_and_each_fails_by_its_own_name,
    flavor = "multi_thread"
);
async fn months_that_were_missed_are_begun_late_the_oldest_first_and_each_fails_by_its_own_name(on: Backend) {
    let (mut fixture, scheme) = ready(on).await;
    let id = fixture.schedule(schedule(&scheme)).await.schedule_id;
    fixture.until("2026-06-10T00:00:00Z");
    fixture.work();
    let runs = fixture.reach(&id, &[Done, Failed, Failed]).await;
    let told: Vec<_> = runs.iter().map(|run| (run.name.as_str(), run.failure_reason.as_str())).collect();
    let without = "PERIOD_WITHOUT_RECORDS";
    assert_eq!(told, [("Every month 2026-03", ""), ("Every month 2026-04", without), ("Every month 2026-05", without)]);
    assert!(runs[1].failure.contains("2026-04-01") && runs[1].cycle_id.is_empty(), "{}", runs[1].failure);
    assert!(runs[0].log[0].text.contains("2026-04-02T18:30:00Z"), "it says since when: {:?}", runs[0].log[0]);
    assert_eq!(fixture.scheduled(&id).await.next_at, at("2026-07-02T18:30:00Z"));
    assert_eq!(fixture.cycles_there().await.len(), 1);
}

on_both!(a_run_that_cannot_be_fails_by_name_and_the_schedule_shows_it, flavor = "multi_thread");
async fn a_run_that_cannot_be_fails_by_name_and_the_schedule_shows_it(on: Backend) {
    let (mut fixture, scheme) = ready(on).await;
    let population = Some(pb::Population { grades: vec!["P99".into()], ..Default::default() });
    let nobody = fixture.schedule(pb::Schedule { population, ..schedule(&scheme) }).await.schedule_id;
    let gone = fixture.scheme(pb::Scheme { name: "gone".into(), ..crate::fixture::scheme() }).await;
    let withdrawn = fixture.schedule(pb::Schedule { name: "Gone".into(), ..schedule(&gone) }).await.schedule_id;
    let out = pb::SchemeWithdrawal { from: "2026-03-15".into(), reason: "wrong".into(), ..Default::default() };
    let ask = pb::WithdrawSchemeRequest { scheme_id: gone.clone(), withdrawal: Some(out), ..Default::default() };
    fixture.schemes().withdraw_scheme(fixture.admin.request(ask)).await.unwrap();
    fixture.tell(|told| told.on_duty(1, 2, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z"));
    let shares = pb::Schedule { name: "Shares".into(), unit_id: NORTH.to_string(), ..dry(&scheme) };
    let shares = fixture.schedule(shares).await.schedule_id;
    fixture.work();
    fixture.until(DUE);
    for (id, why) in [(&nobody, "POPULATION_EMPTY"), (&withdrawn, "SCHEME_WITHDRAWN")] {
        let run = fixture.reach(id, &[Failed]).await.remove(0);
        assert_eq!((run.failure_reason.as_str(), run.cycle_id.as_str()), (why, ""));
        let shown = fixture.scheduled(id).await;
        assert_eq!((shown.failure_reason.as_str(), &shown.failure), (why, &run.failure));
        assert_eq!(shown.next_at, at("2026-05-02T18:30:00Z"), "the next month is tried nevertheless");
    }
    let told = fixture.reach(&shares, &[Waiting]).await.remove(0);
    let last = &told.log.last().unwrap().text;
    for word in ["as it is now, closing will be refused: ", "JD/shop/a0001", "StartAttributionRun"] {
        assert!(last.contains(word), "{word}: {last}");
    }
    fixture.until("2026-04-02T19:30:00Z");
    let run = fixture.reach(&shares, &[Failed]).await.remove(0);
    assert_eq!(run.failure_reason, "RUN_BELONGS_ABOVE");
    assert!(fixture.cycles_there().await.is_empty(), "nothing is left behind");
}

on_both!(the_right_of_whoever_wrote_it_last_is_asked_for_each_time, flavor = "multi_thread");
async fn the_right_of_whoever_wrote_it_last_is_asked_for_each_time(on: Backend) {
    let (mut fixture, scheme) = ready(on).await;
    let made = fixture.schedule(schedule(&scheme)).await;
    fixture.tell(|told| told.without_rights = true);
    fixture.work();
    fixture.until(DUE);
    let run = fixture.reach(&made.schedule_id, &[Failed]).await.remove(0);
    assert_eq!(run.failure_reason, "SCHEDULE_MAKER_MAY_NOT");
    let shown = fixture.scheduled(&made.schedule_id).await;
    assert_eq!((shown.failure_reason.as_str(), &shown.principal_id), ("SCHEDULE_MAKER_MAY_NOT", &made.principal_id));
    fixture.tell(|told| told.without_rights = false);
    let update = async |schedule: pb::Schedule| {
        let ask = pb::UpdateScheduleRequest { schedule: Some(schedule), ..Default::default() };
        fixture.schedules().update_schedule(fixture.admin.request(ask)).await
    };
    assert_eq!(reason(update(made.clone()).await), "STALE", "it has gone on to the next month since");
    let moved = pb::Schedule { unit_id: NORTH.to_string(), ..shown.clone() };
    let refused = error_from(update(moved).await.unwrap_err());
    assert_eq!(refused.violations()[0].field, "schedule.unit_id");
    let changed = pb::Schedule { name: "Anew".into(), day: 31, ..shown };
    let written = update(changed).await.unwrap().into_inner().schedule.unwrap();
    assert_ne!(written.principal_id, made.principal_id, "somebody else's right counts now");
    assert_eq!(
        (written.failure.as_str(), written.next_at),
        ("", at("2026-05-30T18:30:00Z")),
        "March was begun already"
    );
    fixture.until("2026-04-30T00:00:00Z");
    assert_eq!(fixture.schedule_runs(&written.schedule_id).await.len(), 1);
}

on_both!(two_replicas_begin_a_month_once_and_make_one_cycle, flavor = "multi_thread");
async fn two_replicas_begin_a_month_once_and_make_one_cycle(on: Backend) {
    let (mut fixture, scheme) = ready(on).await;
    let id = fixture.schedule(schedule(&scheme)).await.schedule_id;
    let mut other = Fixture::beside(&fixture, told()).await;
    fixture.until(DUE);
    let by = fixture.callers.clock.now().duration_since(other.callers.clock.now());
    other.callers.clock.advance(by);
    other.work();
    fixture.work();
    let run = fixture.reach(&id, &[Done]).await.remove(0);
    let cycles = fixture.cycles_there().await;
    assert_eq!((cycles.len(), &cycles[0].cycle_id), (1, &run.cycle_id));
    assert_eq!(run.log.iter().filter(|line| line.text.starts_with("made the cycle")).count(), 1);
}

on_both!(a_branch_writes_and_sees_its_own_and_bad_input_is_told_by_its_field, flavor = "multi_thread");
async fn a_branch_writes_and_sees_its_own_and_bad_input_is_told_by_its_field(on: Backend) {
    let (fixture, scheme) = ready(on).await;
    let may = [Permission::CycleRead, Permission::CycleWrite, Permission::CycleClose];
    let (north, south) = (fixture.of_unit(NORTH, &may), fixture.of_unit(SOUTH, &may));
    let mine = pb::Schedule { unit_id: NORTH.to_string(), ..schedule(&scheme) };
    let ask = || pb::CreateScheduleRequest { schedule: Some(mine.clone()), ..Default::default() };
    assert_eq!(reason(fixture.schedules().create_schedule(south.request(ask())).await), "PERMISSION_DENIED");
    let closes = fixture.of_unit(NORTH, &[Permission::CycleClose]);
    assert_eq!(reason(fixture.schedules().create_schedule(closes.request(ask())).await), "PERMISSION_DENIED");
    let made = fixture.schedules().create_schedule(north.request(ask())).await.unwrap().into_inner().schedule.unwrap();
    let list = async |caller: &tally_testkit::callers::Caller| {
        let listed = fixture.schedules().list_schedules(caller.request(pb::ListSchedulesRequest::default())).await;
        listed.unwrap().into_inner().schedules
    };
    assert_eq!((list(&north).await, list(&south).await), (vec![made], vec![]));
    let again = pb::CreateScheduleRequest { schedule: Some(mine.clone()), request_id: "again".into() };
    let refused = fixture.schedules().create_schedule(north.request(again)).await.unwrap_err();
    assert!(refused.message().contains(&list(&north).await[0].schedule_id), "{refused:?}");
    assert_eq!(reason(Err::<tonic::Response<()>, _>(refused)), "SCHEDULE_THERE");
    let wrong = pb::Schedule {
        name: " ".into(),
        zone: "Mars/Olympus".into(),
        day: 32,
        time: "25:00".into(),
        delay_minutes: 5,
        population: Some(pb::Population { as_of: "2026-03-01".into(), ..Default::default() }),
        ..schedule(&scheme)
    };
    let ask = pb::CreateScheduleRequest { schedule: Some(wrong), ..Default::default() };
    let refused = error_from(fixture.schedules().create_schedule(fixture.admin.request(ask)).await.unwrap_err());
    let fields: Vec<_> = refused.violations().iter().map(|wrong| wrong.field.as_str()).collect();
    let expected = ["name", "population.as_of", "zone", "day", "time", "delay_minutes"];
    assert_eq!(fields, expected.map(|field| format!("schedule.{field}")));
    for (dry_first, delay_minutes) in [(true, 0), (true, 10_081)] {
        let ask = pb::Schedule { dry_first, delay_minutes, ..schedule(&scheme) };
        let ask = pb::CreateScheduleRequest { schedule: Some(ask), ..Default::default() };
        assert_eq!(reason(fixture.schedules().create_schedule(fixture.admin.request(ask)).await), "INVALID_REQUEST");
    }
}

on_both!(what_came_to_nothing_is_begun_again_by_hand_and_no_month_before_it_is_over, flavor = "multi_thread");
async fn what_came_to_nothing_is_begun_again_by_hand_and_no_month_before_it_is_over(on: Backend) {
    let (mut fixture, scheme) = ready(on).await;
    let id = fixture.schedule(dry(&scheme)).await.schedule_id;
    let begin = async |fixture: &Fixture, request: &str, month: &str| {
        let (request_id, schedule_id, month) = (request.into(), id.clone(), month.into());
        let ask = pb::BeginScheduleRunRequest { request_id, schedule_id, month };
        fixture.schedules().begin_schedule_run(fixture.admin.request(ask)).await
    };
    assert_eq!(reason(begin(&fixture, "", "2026-04").await), "SCHEDULE_MONTH_NOT_OVER");
    let refused = tally_rpc::error_from(begin(&fixture, "", "April").await.unwrap_err());
    assert_eq!(refused.violations()[0].message.as_told(), Some("a month is expected: YYYY-MM"));
    fixture.work();
    let first = begin(&fixture, "b1", "2026-03").await.unwrap().into_inner();
    assert_eq!(
        begin(&fixture, "b1", "2026-03").await.unwrap().into_inner(),
        first,
        "the same request, the same answer"
    );
    let waiting = fixture.reach(&id, &[Waiting]).await.remove(0);
    assert_eq!(reason(begin(&fixture, "b2", "2026-03").await), "SCHEDULE_MONTH_THERE");
    let (request_id, schedule_run_id) = (String::new(), waiting.schedule_run_id.clone());
    let ask = pb::StopScheduleRunRequest { request_id, schedule_run_id };
    fixture.schedules().stop_schedule_run(fixture.admin.request(ask)).await.unwrap();
    fixture.move_on(SignedDuration::from_mins(30));
    begin(&fixture, "b3", "2026-03").await.unwrap();
    let again = fixture.reach(&id, &[Waiting]).await.remove(0);
    assert_eq!((&again.schedule_run_id, again.next_at), (&waiting.schedule_run_id, at("2026-04-02T02:30:00Z")));
    // What the stopped attempt put down is due now, and does nothing.
    fixture.until("2026-04-02T02:10:00Z");
    eventually("the item of the first attempt is dropped", async || {
        fixture.db.store.sequence_now().await.unwrap();
        let page = tally_kernel::page::Page::read(1_000, "", b"").unwrap();
        let of = tally_store::AuditOf::Subject("schedule".into(), id.clone());
        let query = tally_store::AuditQuery { of, from: None, to: None };
        let (entries, _) = fixture.db.store.search_audit(&query, &page).await.unwrap();
        entries.iter().any(|(_, entry)| entry.action == "performance.schedule.abandon").then_some(())
    })
    .await;
    assert_eq!(fixture.schedule_runs(&id).await[0].state(), Waiting);
    fixture.until("2026-04-02T02:30:00Z");
    fixture.reach(&id, &[Done]).await;
    assert_eq!(fixture.cycles_there().await.len(), 1);
    fixture.until(DUE);
    eventually("the turn of the month is over", async || {
        (fixture.scheduled(&id).await.next_at == at("2026-05-02T18:30:00Z")).then_some(())
    })
    .await;
    assert_eq!(fixture.schedule_runs(&id).await.len(), 1, "it was begun by hand already");
    // A month of which retention may have taken something is told as such by the look, and not closed by what is left.
    begin(&fixture, "b4", "2024-01").await.unwrap();
    let told = fixture.reach(&id, &[Waiting, Done]).await.remove(0);
    let last = &told.log.last().unwrap().text;
    assert!(last.starts_with("as it is now, closing will be refused: a period that begins before 2024-04-0"), "{last}");
    fixture.move_on(SignedDuration::from_mins(60));
    let failed = fixture.reach(&id, &[Failed, Done]).await.remove(0);
    assert_eq!(failed.failure_reason, "PERIOD_PURGED");
    assert_eq!(fixture.cycles_there().await.len(), 1);
}

on_both!(looking_first_names_a_rate_that_is_missing_and_once_it_is_set_the_month_closes, flavor = "multi_thread");
async fn looking_first_names_a_rate_that_is_missing_and_once_it_is_set_the_month_closes(on: Backend) {
    let (mut fixture, _) = ready(on).await;
    let paid = |id: &str, currency: &str, day: &str| pb::Record {
        amount_minor: Some(100),
        currency: currency.into(),
        ..record(id, &format!("{day}T01:00:00Z"))
    };
    let sales = [paid("own", "", "2026-03-02"), paid("far", "USD", "2026-03-03"), paid("before", "USD", "2026-02-27")];
    fixture.import(1, sales.to_vec()).await;
    let mut selling = pb::Scheme { name: "sales".into(), ..crate::fixture::scheme() };
    (selling.kpis[0].measure, selling.kpis[0].key) = ("amount".into(), "amount".into());
    selling.kpis[0].target = "100".into();
    let scheme = fixture.scheme(selling).await;
    let id = fixture.schedule(dry(&scheme)).await.schedule_id;
    fixture.work();
    fixture.until(DUE);
    let told = fixture.reach(&id, &[Waiting]).await.remove(0);
    let last = &told.log.last().unwrap().text;
    for word in ["JD/shop/a0001", "USD", "CNY", "2026-03-03", "SetRates"] {
        assert!(last.contains(word), "{word}: {last}");
    }
    let rate = tally_api::identity::v1::Rate {
        base: "USD".into(),
        quote: "CNY".into(),
        rate: "7".into(),
        valid_from: "2026-03-03".into(),
        source: "bank".into(),
        ..Default::default()
    };
    fixture.tell(|told| told.rates.push(rate));
    fixture.until("2026-04-02T19:30:00Z");
    let run = fixture.reach(&id, &[Done]).await.remove(0);
    assert!(run.log.iter().filter(|line| line.text.starts_with("as it is now")).count() == 1, "{:?}", run.log);
}
