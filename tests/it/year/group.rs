//! A group with two branches in a suite of its own, by whose rpcs everything is done.

use tally_api::attendance::v1 as attendance;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient as DutyCorrections;
use tally_api::attendance::v1::punch_service_client::PunchServiceClient;
use tally_api::common::v1 as common;
use tally_api::compensation::v1 as compensation;
use tally_api::compensation::v1::correction_service_client::CorrectionServiceClient as PayCorrections;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_bundle::{Bundle, Options, read_bundle};
use tally_import::{self as upload, Ids, Taken};
use tally_rpc::RpcChannel;
use tally_suite::close::{self, FORM, Home, Place, Ports};
use tally_suite::session::Session;
use tempfile::TempDir;

use super::{Fact, Month, Served};
use crate::journey::PASSWORD;
use crate::rooms::access::somebody;
use crate::rooms::results::{Step, make, proportional, settle};
use crate::rooms::taking_along::archivist;

const FILES: [(&str, &str); 5] = [
    ("group.yaml", "name: Year\nzone: Etc/UTC\nperiod: {from: 2026-01-01, to: 2026-01-31}\n"),
    (
        "people.csv",
        "employee_no,name,org_unit,position,grade,hired_on\n1000,Ann,North,agent,P1,2025-01-06\n\
         1001,Bo,North,agent,P1,2025-01-06\n1002,Cem,North,agent,P1,2025-01-06\n1003,Dan,South,agent,P1,2025-01-06\n\
         1004,Eva,South,agent,P1,2025-01-06\n1005,Fay,South,agent,P1,2025-01-06\n",
    ),
    (
        "accounts.csv",
        "platform,store,account,phase,capacity,zone,team\nMart,One,north,mixed,1,,North\nMart,Two,south,mixed,1,,South\n",
    ),
    (
        "scheme.yaml",
        "name: Sales\nversion: 1\nkpis:\n  - {id: amount, measure: sum, of: amount, target: 900, weight: 60}\n  \
         - {id: rating, measure: share, of: rating, at_least: 4, target: 1, weight: 40}\n",
    ),
    // The reader wants a record; those of the months are sent by themselves.
    (
        "records.csv",
        "platform,store,account,external_id,started_at,ended_at,agent,rating,amount\n\
         Mart,One,north,R1,2026-01-03 22:00,2026-01-03 22:05,1000,,100.00\n",
    ),
];
const UNITS: [&str; 2] = ["North", "South"];

/// A posted settlement: of which branch and month.
pub type Posted = (usize, usize, String);

pub struct Group {
    pub home: Home,
    /// Approves what the other one asks for.
    second: Session,
    pub ids: Ids,
    /// Of North and South.
    pub units: Vec<String>,
    pub policy: performance::AttributionPolicy,
    pub scheme: performance::Scheme,
    pub cycles: Vec<String>,
    pub posted: Vec<Posted>,
    folder: TempDir,
}

pub fn at(month: usize, day: usize, hour: usize) -> Option<prost_types::Timestamp> {
    Some(format!("2026-{month:02}-{day:02}T{hour:02}:00:00Z").parse().expect("a time"))
}

fn last_day(month: usize) -> String {
    let days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
    format!("2026-{month:02}-{days}")
}

/// The names of a session's rows: its number within the month and branch, and how often it was paid back before.
fn rows(month: usize, place: usize, one: &Served) -> Vec<performance::Record> {
    let external_id = format!("R{month}-{place}");
    let served = performance::Record {
        external_id: external_id.clone(),
        // Whom the platform does not name served at noon of the tenth.
        started_at: if one.agent.is_some() { at(month, 3 + place, 10) } else { at(month, 10, 12) },
        ended_at: if one.agent.is_some() { at(month, 3 + place, 11) } else { at(month, 10, 13) },
        agent: one.agent.map(|n| format!("100{n}")).unwrap_or_default(),
        rating_milli: one.rating,
        amount_minor: Some(one.amount),
        revision: one.revision,
        ..Default::default()
    };
    let refund = |(number, minor): (usize, &i64)| performance::Record {
        external_id: format!("{external_id}-back-{number}"),
        started_at: at(month, 20, 9),
        ended_at: at(month, 20, 9),
        amount_minor: Some(*minor),
        refers_to: external_id.clone(),
        ..Default::default()
    };
    [served].into_iter().chain(one.refunds.iter().enumerate().map(refund)).collect()
}

impl Group {
    /// The group on the first day, with nothing of the year.
    pub async fn begin() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        FILES.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).expect("a file"));
        let reading = read_bundle(folder.path(), Options::default(), &mut |_, _| {}).expect("a sound bundle");
        let bundle: &Bundle = &reading.bundle;
        let place = Place::Folder(folder.path().join("data"));
        let now = "2026-01-02T12:00:00Z".parse().expect("a time");
        let home = Home::start(&place, bundle, now, PASSWORD, (Ports::default(), FORM)).await.expect("a suite");
        let second = somebody(&home.crew.admin, "second", "group_hr").await;
        archivist(&home.crew.admin).await;
        let ids = upload::organisation(&home.crew.hr, bundle, &mut Taken::alone()).await.expect("people and accounts");
        let units = upload::unit_ids(&home.crew.hr).await.expect("units");
        let units = UNITS.map(|name| units[name].clone()).to_vec();
        let ask = performance::CreateSchemeVersionRequest {
            scheme: Some(close::scheme(bundle, FORM).expect("a scheme")),
            ..Default::default()
        };
        let hr = &home.crew.hr;
        let mut schemes = performance::scheme_service_client::SchemeServiceClient::new(hr.at.performance.clone());
        let made = schemes.create_scheme_version(hr.ask(ask)).await.expect("a scheme").into_inner().scheme;
        let policy = close::policy(bundle, FORM);
        let (cycles, posted) = (Vec::new(), Vec::new());
        Self { home, second, ids, units, policy, scheme: made.expect("a scheme"), cycles, posted, folder }
    }

    /// It is the third day after a month, and everybody signs in.
    pub async fn month_ends(&mut self, number: usize) {
        let (year, month) = if number == 12 { (2027, 1) } else { (2026, number + 1) };
        let then = format!("{year}-{month:02}-03T12:00:00Z").parse().expect("a time");
        self.home.clock.advance(self.home.clock.now().duration_until(then));
        let crew = &mut self.home.crew;
        for (login, session) in [
            ("admin", &mut crew.admin),
            ("hr", &mut crew.hr),
            ("payroll", &mut crew.preparer),
            ("approver", &mut crew.approver),
            ("payer", &mut crew.payer),
            ("auditor", &mut crew.auditor),
            ("second", &mut self.second),
        ] {
            *session = Session::sign_in(&session.at.clone(), login, PASSWORD).await.expect("a session");
        }
    }

    pub async fn moves(&self, n: usize, branch: usize, month: usize) {
        let hr = &self.home.crew.hr;
        let terms = identity::Terms { unit_id: self.units[branch].clone(), ..Default::default() };
        let from = format!("2026-{month:02}-01");
        let transfer = identity::Transfer { terms: Some(terms), from, ..Default::default() };
        let change = Some(identity::change_employment_request::Change::Transfer(transfer));
        let person_id = self.ids.people[n].clone();
        let ask = identity::ChangeEmploymentRequest { person_id, change, ..Default::default() };
        let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
        people.change_employment(hr.ask(ask)).await.expect("a transfer");
    }

    /// Ends somebody's employment with the last day of a month.
    pub async fn leaves(&self, n: usize, month: usize) {
        let hr = &self.home.crew.hr;
        let (person_id, last_day) = (self.ids.people[n].clone(), last_day(month));
        let ask = identity::EndEmploymentRequest { person_id, last_day, ..Default::default() };
        let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
        people.end_employment(hr.ask(ask)).await.expect("an end");
    }

    /// Sends records of a branch's account.
    pub async fn send(&self, branch: usize, rows: Vec<performance::Record>) {
        let hr = &self.home.crew.hr;
        let (unit_id, region) = self.ids.places[branch].clone();
        let account_id = self.ids.accounts[branch].clone();
        let ask = performance::ImportRecordsRequest { account_id, region, unit_id, rows, ..Default::default() };
        let mut records = performance::record_service_client::RecordServiceClient::new(hr.at.performance.clone());
        let result = records.import_records(hr.ask(ask)).await.expect("an import").into_inner().result;
        assert_eq!(result.expect("a result").problems, []);
    }

    /// What is known of a month.
    pub async fn bring_in(&self, month: &Month) {
        let hr = &self.home.crew.hr;
        let mut punches = Vec::new();
        for branch in 0..2 {
            let served = month.served[branch].iter().enumerate();
            self.send(branch, served.flat_map(|(place, one)| rows(month.number, place, one)).collect()).await;
            for (place, n) in month.on_duty[branch].iter().enumerate() {
                let out = if place == 0 || month.stays[branch] { 18 } else { 11 };
                for (hour, kind) in [(9, attendance::PunchKind::In), (out, attendance::PunchKind::Out)] {
                    let (person_id, at) = (self.ids.people[*n].clone(), at(month.number, 10, hour));
                    punches.push(attendance::Punch { person_id, at, kind: kind.into(), ..Default::default() });
                }
            }
        }
        let ask = attendance::ImportPunchesRequest { rows: punches, ..Default::default() };
        let mut client = PunchServiceClient::new(hr.at.attendance.clone());
        let result = client.import_punches(hr.ask(ask)).await.expect("an import").into_inner().result;
        assert_eq!(result.expect("a result").problems, []);
    }

    fn cycles(&self) -> (&Session, CycleServiceClient<RpcChannel>) {
        let hr = &self.home.crew.hr;
        (hr, CycleServiceClient::new(hr.at.performance.clone()))
    }

    /// Waits for what closes, and publishes it; says why not where nothing is new.
    async fn published(&self, cycle_id: &str) -> Result<(), tonic::Status> {
        let (hr, mut cycles) = self.cycles();
        let ask = performance::WatchCycleRequest { cycle_id: cycle_id.into() };
        let mut states = cycles.watch_cycle(hr.ask(ask)).await.expect("its progress").into_inner();
        let mut last = None;
        while let Some(state) = states.message().await.expect("its progress") {
            last = state.cycle;
        }
        let closed = last.expect("a cycle");
        assert_eq!(closed.state(), performance::CycleState::Reviewable, "{}", closed.failure);
        let ask = performance::PublishCycleRequest { cycle_id: cycle_id.into(), ..Default::default() };
        cycles.publish_cycle(hr.ask(ask)).await.map(drop)
    }

    /// Closes and publishes a month, and pays both branches.
    pub async fn close(&mut self, month: &Month) {
        let (hr, mut cycles) = self.cycles();
        let cycle = performance::Cycle {
            name: format!("month {}", month.number),
            period: Some(common::Period { from: format!("2026-{:02}-01", month.number), to: last_day(month.number) }),
            scheme_id: self.scheme.scheme_id.clone(),
            scheme_version: self.scheme.version,
            policy: Some(self.policy.clone()),
            ..Default::default()
        };
        let ask = performance::CreateCycleRequest { cycle: Some(cycle), ..Default::default() };
        let made = cycles.create_cycle(hr.ask(ask)).await.expect("a cycle").into_inner().cycle.expect("a cycle");
        let cycle_id = made.cycle_id;
        let ask = performance::CloseCycleRequest { cycle_id: cycle_id.clone(), ..Default::default() };
        cycles.close_cycle(hr.ask(ask)).await.expect("closing");
        self.published(&cycle_id).await.expect("published");
        for branch in 0..2 {
            let settlement_id = self.pay(branch, &cycle_id, month.pools[branch]).await;
            self.posted.push((branch, month.number, settlement_id));
        }
        self.cycles.push(cycle_id);
    }

    /// A branch prepares, approves and posts, by three people; the odd cents of the first are carried.
    async fn pay(&self, branch: usize, cycle_id: &str, minor: i64) -> String {
        let crew = &self.home.crew;
        let pool = compensation::Pool {
            unit_id: self.units[branch].clone(),
            carry: branch == 0,
            ..proportional("of a branch", cycle_id, minor)
        };
        let pool = make(&crew.preparer, pool).await.expect("a pool");
        let settlement_id = settle(&crew.preparer, Step::Draft(&pool.pool_id)).await.expect("a draft").settlement_id;
        settle(&crew.approver, Step::Approve(&settlement_id)).await.expect("approved");
        settle(&crew.payer, Step::Post(&settlement_id)).await.expect("posted");
        settlement_id
    }

    /// Sends what is put right: records at once, a punch by two people.
    pub async fn put_right(&self, month: &Month, fact: Fact) {
        match fact {
            Fact::Record(branch, place) => {
                self.send(branch, rows(month.number, place, &month.served[branch][place])).await;
            }
            Fact::Punch(branch) => self.punch(month, branch).await,
        }
    }

    async fn punch(&self, month: &Month, branch: usize) {
        let hr = &self.home.crew.hr;
        let ask = attendance::ListPunchesRequest {
            from: at(month.number, 10, 0),
            to: at(month.number, 11, 0),
            person_id: self.ids.people[month.on_duty[branch][1]].clone(),
            counting_only: true,
            ..Default::default()
        };
        let mut punches = PunchServiceClient::new(hr.at.attendance.clone());
        let there = punches.list_punches(hr.ask(ask)).await.expect("punches").into_inner().punches;
        let out = there.into_iter().find(|one| one.kind() == attendance::PunchKind::Out).expect("an out");
        let ask = attendance::CorrectPunchRequest {
            action: attendance::CorrectionAction::Move.into(),
            punch_id: out.punch_id,
            at: at(month.number, 10, if month.stays[branch] { 18 } else { 11 }),
            reason: "the terminal was off".into(),
            ..Default::default()
        };
        let mut client = DutyCorrections::new(hr.at.attendance.clone());
        let asked = client.correct_punch(hr.ask(ask)).await.expect("a request").into_inner().correction;
        let correction_id = asked.expect("a correction").correction_id;
        let ask = attendance::ApproveCorrectionRequest { correction_id, ..Default::default() };
        client.approve_correction(self.second.ask(ask)).await.expect("approved");
    }

    /// Corrects the cycle of a month, publishes what is new, and puts right what both branches paid by it.
    pub async fn correct(&self, month: usize) {
        let (hr, mut cycles) = self.cycles();
        let cycle_id = self.cycles[month - 1].clone();
        let ask = performance::CorrectCycleRequest { cycle_id, reason: "told late".into(), ..Default::default() };
        let begun = cycles.correct_cycle(hr.ask(ask)).await.expect("a correction").into_inner().cycle;
        let cycle_id = begun.expect("a correction").cycle_id;
        if let Err(refused) = self.published(&cycle_id).await {
            assert_eq!(tally_rpc::error_from(refused).reason(), "CORRECTION_CHANGES_NOTHING");
            let ask = performance::CancelCycleRequest { cycle_id, ..Default::default() };
            cycles.cancel_cycle(hr.ask(ask)).await.expect("thrown away");
        }
        for (_, _, settlement_id) in self.posted.iter().filter(|(_, of, _)| *of == month) {
            self.correct_pay(settlement_id.clone()).await;
        }
    }

    async fn correct_pay(&self, settlement_id: String) {
        let (preparer, approver) = (&self.home.crew.preparer, &self.home.crew.approver);
        let mut client = PayCorrections::new(preparer.at.compensation.clone());
        let ask =
            compensation::DraftCorrectionRequest { settlement_id, reason: "told late".into(), ..Default::default() };
        match client.draft_correction(preparer.ask(ask)).await {
            Ok(drafted) => {
                let pay_correction_id = drafted.into_inner().correction.expect("a draft").pay_correction_id;
                let ask = compensation::ApproveCorrectionRequest { pay_correction_id, ..Default::default() };
                client.approve_correction(approver.ask(ask)).await.expect("approved");
            }
            Err(refused) => assert_eq!(tally_rpc::error_from(refused).reason(), "NOTHING_TO_CORRECT"),
        }
    }

    pub fn number(&self, person_id: &str) -> usize {
        self.ids.people.iter().position(|id| id == person_id).expect("somebody of the group")
    }

    pub async fn end(self) {
        self.home.stop().await.expect("an end");
        self.folder.close().expect("a folder that goes away");
    }
}
