//! A group with two branches whose people, cards and homes a test changes while the service runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::civil::{Date, date};
use tally_access::{OpContext, Owner};
use tally_api::identity::v1 as idn;
use tally_api::performance::v1 as performance;
use tally_app::RequestKey;
use tally_app::directory::Directory;
use tally_kernel::id::{CycleId, OrgUnitId, PersonId, PoolId, SettlementId, TenantId};
use tally_kernel::page::Page;
use tally_kernel::{Currency, Message, Micro, Money, Ppm, Result};
use tally_rpc::Peer;
use tally_store::{Audit, Store};
use tally_testkit::FakePeer;
use tally_testkit::callers::{Callers, everything};
use tally_testkit::databases::TestStore;
use uuid::Uuid;

use crate::correction::app::{self as correcting, DeltaShown, Wanted};
use crate::correction::domain::Filed;
use crate::correction::store::deltas::Asked;
use crate::peers::Peers;
use crate::policy::CreatePool;
use crate::pool::domain::{Part, Pool, PoolRule, Rule, Tier};
use crate::settlement::app::{self as settling, App};
use crate::settlement::domain::Filed as Settled;
use crate::statement::app::Paid;
use crate::{SERVICE, pool, statement};

pub const TENANT: TenantId = TenantId(Uuid::from_u128(1));
pub const CNY: Currency = Currency::CNY;

pub fn person(n: usize) -> PersonId {
    PersonId(Uuid::from_u128(0x100 + n as u128))
}

pub fn unit(n: usize) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(0x20 + n as u128))
}

/// A team of branch 0 that is closed on the 10th of March, and that of branch 1 which its people go to.
pub const TEAM: usize = 2;
pub const TEAM_THERE: usize = 3;

/// One of the two branches.
pub fn branch(n: usize) -> Owner {
    Owner::of("cn-north".parse().unwrap(), unit(n))
}

pub fn cycle(month: usize) -> CycleId {
    CycleId(Uuid::from_u128(0x400 + month as u128))
}

pub fn first_day(month: usize) -> Date {
    date(2026, i8::try_from(month + 1).unwrap(), 1)
}

/// Somebody's home from a month on: the branch.
pub type Homes = BTreeMap<usize, Vec<(usize, usize)>>;

/// What the peers tell.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Where everybody belongs from which month on, by number of the person.
    pub homes: Homes,
    /// Scores by month, as the newest cards say them.
    pub cards: BTreeMap<usize, BTreeMap<usize, i32>>,
    /// How often the cards of a month were published.
    pub versions: BTreeMap<usize, u32>,
    /// Scores as each version of the cards said them, by month and version.
    pub history: BTreeMap<(usize, u32), BTreeMap<usize, i32>>,
    /// Last days of those who left.
    pub left: BTreeMap<usize, Date>,
}

fn person_told(n: usize, homes: &[(usize, usize)], left: Option<&Date>) -> idn::Person {
    let left = left.map(Date::to_string);
    let employments = homes.iter().enumerate().map(|(at, (month, home))| idn::Employment {
        post: idn::Post::Home.into(),
        unit_id: unit(*home).to_string(),
        unit_path: format!("branch-{home}"),
        region: "cn-north".into(),
        from: first_day(*month).to_string(),
        to: match homes.get(at + 1) {
            Some((next, _)) => first_day(*next).yesterday().unwrap().to_string(),
            None => left.clone().unwrap_or_default(),
        },
        ..Default::default()
    });
    idn::Person {
        person_id: person(n).to_string(),
        employee_no: format!("E{n:03}"),
        zone: "Asia/Shanghai".into(),
        employments: employments.collect(),
        ..Default::default()
    }
}

fn units() -> Vec<idn::OrgUnit> {
    let root = Uuid::from_u128(0x1f);
    let branch = |n: usize| idn::OrgUnit {
        unit_id: unit(n).to_string(),
        parent_id: root.to_string(),
        name: format!("branch-{n}"),
        path: format!("branch-{n}"),
        region: "cn-north".into(),
        valid_from: "2020-01-01".into(),
        ..Default::default()
    };
    let group = idn::OrgUnit {
        unit_id: root.to_string(),
        name: "Group".into(),
        region: "*".into(),
        valid_from: "2020-01-01".into(),
        ..Default::default()
    };
    let team = |n: usize, of: usize| idn::OrgUnit { parent_id: unit(of).to_string(), ..branch(n) };
    let gone = idn::OrgUnit { valid_to: "2026-03-09".into(), into_id: unit(TEAM_THERE).to_string(), ..team(TEAM, 0) };
    vec![group, branch(0), branch(1), gone, team(TEAM_THERE, 1)]
}

/// All states of the units, or those of a day.
fn told_units(ask: &idn::ListOrgUnitsRequest) -> idn::ListOrgUnitsResponse {
    let is_gone =
        |unit: &idn::OrgUnit| ask.through.is_empty() && !unit.valid_to.is_empty() && unit.valid_to < ask.as_of;
    let (gone, units) = units().into_iter().partition(is_gone);
    idn::ListOrgUnitsResponse { units, gone, ..Default::default() }
}

fn peers(told: &Arc<Mutex<Told>>) -> (FakePeer, FakePeer) {
    let now = Arc::clone(told);
    let people = move |_: idn::ListPeopleRequest| {
        let told = now.lock().unwrap();
        let people = told.homes.iter().map(|(n, homes)| person_told(*n, homes, told.left.get(n))).collect();
        Ok(idn::ListPeopleResponse { people, ..Default::default() })
    };
    let units = |ask: idn::ListOrgUnitsRequest| Ok(told_units(&ask));
    let schedule = |_: idn::ListRetentionRequest| {
        let kept = idn::Retention { kind: "compensation.pay".into(), months: 120, ..Default::default() };
        Ok(idn::ListRetentionResponse { schedule: vec![kept] })
    };
    let holds = |_: idn::ListHoldsRequest| Ok(idn::ListHoldsResponse::default());
    let identity = FakePeer::new("identity")
        .answers("tally.identity.v1.PersonService/ListPeople", people)
        .answers("tally.identity.v1.OrgService/ListOrgUnits", units)
        .answers("tally.identity.v1.RetentionService/ListRetention", schedule)
        .answers("tally.identity.v1.HoldService/ListHolds", holds);
    let now = Arc::clone(told);
    let cards = move |ask: performance::ListCardsRequest| {
        let of = |month: &usize| cycle(*month).to_string() == ask.cycle_id;
        let told = now.lock().unwrap();
        let newest = told.versions.iter().find(|(month, _)| of(month)).map_or(1, |(_, version)| *version);
        let result_version = if ask.result_version == 0 { newest } else { ask.result_version };
        let then = told.history.iter().find(|((month, version), _)| of(month) && *version == result_version);
        let then = then.map(|(_, scores)| scores).filter(|_| result_version != newest);
        let scores = then.or_else(|| told.cards.iter().find(|(month, _)| of(month)).map(|(_, scores)| scores)).cloned();
        let card = |(n, score): (usize, i32)| performance::Card {
            person_id: person(n).to_string(),
            score: Micro::from_int(score).to_string(),
            result_version,
            ..Default::default()
        };
        let cards = scores.unwrap_or_default().into_iter().map(card).collect();
        Ok(performance::ListCardsResponse { cards, ..Default::default() })
    };
    let cycles = |ask: performance::GetCycleRequest| {
        let month = (0..12).find(|month| cycle(*month).to_string() == ask.cycle_id).unwrap();
        let (from, to) = (first_day(month), first_day(month).last_of_month());
        let period = tally_api::common::v1::Period { from: from.to_string(), to: to.to_string() };
        let state = performance::CycleState::Published.into();
        let cycle = performance::Cycle { state, period: Some(period), ..Default::default() };
        Ok(performance::GetCycleResponse { cycle: Some(cycle) })
    };
    // One record, whose name says by which cards it was asked for.
    let credits = |ask: performance::ExportCreditsRequest| {
        let external_id = match ask.known_at {
            Some(at) => format!("known at {}", at.seconds),
            None => format!("version {}", ask.result_version),
        };
        let (rung, shares) =
            (performance::Rung::Sole.into(), vec![performance::Share { person_id: ask.person_id, ppm: 1_000_000 }]);
        let credit = performance::Credit { external_id, rung, shares, ..Default::default() };
        vec![Ok(performance::ExportCreditsResponse { credits: vec![credit] })]
    };
    let performance = FakePeer::new("performance")
        .streams("tally.performance.v1.AttributionService/ExportCredits", credits)
        .answers("tally.performance.v1.CardService/ListCards", cards)
        .answers("tally.performance.v1.CycleService/GetCycle", cycles);
    (identity, performance)
}

/// The service on one database, with a pair of hands for each step.
pub struct Fixture {
    pub app: App,
    pub callers: Callers,
    pub preparer: OpContext,
    pub approver: OpContext,
    pub payer: OpContext,
    pub told: Arc<Mutex<Told>>,
}

impl Fixture {
    /// So many people, all of branch 0 since January.
    pub fn new(db: &TestStore, people: usize) -> Self {
        let callers = Callers::new(db.clock.clone(), 21);
        let told = Told { homes: (0..people).map(|n| (n, vec![(0, 0)])).collect(), ..Told::default() };
        let told = Arc::new(Mutex::new(told));
        let (identity, performance) = peers(&told);
        let signer = callers.signer(SERVICE);
        let identity = Peer::new(identity.channel(), signer.clone());
        let performance = Peer::new(performance.channel(), signer);
        let peers = Peers { identity: identity.clone(), performance };
        let app = App { store: db.store.clone(), peers, directory: Directory::new(identity) };
        let someone = || callers.context(&callers.person(TENANT, None, everything()));
        let (preparer, approver, payer) = (someone(), someone(), someone());
        Self { app, callers, preparer, approver, payer, told }
    }

    pub fn score(&self, month: usize, scores: &[(usize, i32)]) {
        let mut told = self.told.lock().unwrap();
        let scores: BTreeMap<usize, i32> = scores.iter().copied().collect();
        told.cards.insert(month, scores.clone());
        let version = told.versions.entry(month).or_default();
        *version += 1;
        let version = *version;
        told.history.insert((month, version), scores);
    }

    pub fn moves(&self, who: usize, month: usize, to: usize) {
        let mut told = self.told.lock().unwrap();
        let homes = told.homes.get_mut(&who).unwrap();
        homes.retain(|(from, _)| *from != month);
        homes.push((month, to));
    }

    pub fn leaves(&self, who: usize, last_day: Date) {
        self.told.lock().unwrap().left.insert(who, last_day);
    }

    /// A pool of an owner for the cycle of a month.
    pub async fn pool(&self, owner: &Owner, month: usize, minor: i64, rule: PoolRule) -> PoolId {
        let ctx = &self.preparer;
        let (id, amount) = (PoolId(ctx.new_id()), Money::new(minor, CNY));
        let pool =
            Pool { id, owner: owner.clone(), name: "pool".into(), cycle: cycle(month), last_day: None, amount, rule };
        let permit = ctx.permit::<CreatePool>(&owner.target()).unwrap();
        let work = self.app.store.unit(ctx, &permit).await.unwrap();
        pool::store::insert(&work, ctx, &pool).await.unwrap();
        work.commit(Audit::new("compensation.pool.create", "pool", id), id).await.unwrap();
        id
    }

    pub async fn drafted(&self, owner: &Owner, month: usize, minor: i64) -> Settled {
        let pool = self.pool(owner, month, minor, proportional()).await;
        settling::draft(&self.app, &self.preparer, &RequestKey::default(), pool).await.unwrap()
    }

    pub async fn approve_and_post(&self, id: SettlementId) -> Result<Settled> {
        settling::approve(&self.app, &self.approver, &RequestKey::default(), id).await?;
        settling::post(&self.app, &self.payer, &RequestKey::default(), id).await
    }

    pub async fn discard(&self, id: SettlementId) {
        settling::discard(&self.app, &self.preparer, &RequestKey::default(), id).await.unwrap();
    }

    pub async fn posted(&self, owner: &Owner, month: usize, minor: i64) -> Settled {
        let drafted = self.drafted(owner, month, minor).await;
        self.approve_and_post(drafted.id).await.unwrap()
    }

    pub fn wanted(settlement: SettlementId, validate_only: bool) -> Wanted {
        let (request, reason) = (RequestKey::default(), "late ratings".to_owned());
        Wanted { request, settlement, reason, validate_only }
    }

    pub async fn correct(&self, settlement: SettlementId) -> Result<(Filed, Vec<DeltaShown>)> {
        correcting::draft(&self.app, &self.preparer, &Self::wanted(settlement, false)).await
    }

    pub async fn approve(&self, filed: &Filed) -> Filed {
        correcting::approve(&self.app, &self.approver, &RequestKey::default(), filed.id).await.unwrap()
    }

    /// Corrects and approves; nothing where there is nothing to correct.
    pub async fn put_right(&self, settlement: SettlementId) -> Option<Filed> {
        match self.correct(settlement).await {
            Ok((filed, _)) => Some(self.approve(&filed).await),
            Err(refused) => {
                let expected = ["NOTHING_TO_CORRECT", "POOL_WITHOUT_PEOPLE", "ZERO_SCORES"];
                assert!(expected.contains(&refused.reason()), "{refused:?}");
                None
            }
        }
    }

    /// Everybody's statement of a settlement, by number of the person.
    pub async fn statements(&self, settlement: SettlementId) -> BTreeMap<usize, Paid> {
        let room = statement::app::App { store: self.store().clone(), peers: self.app.peers.clone() };
        let page = Page::read(1_000, "", settlement.to_string().as_bytes()).unwrap();
        let (paid, _) = statement::app::list(&room, &self.approver, settlement, &page).await.unwrap();
        paid.into_iter().map(|paid| (number(paid.statement.person), paid)).collect()
    }

    /// What everybody gets by a settlement, and of it by adjustments.
    pub async fn amounts(&self, settlement: SettlementId) -> BTreeMap<usize, (i64, Vec<(i64, i64)>)> {
        let amount = |paid: Paid| {
            let adjustments: Vec<_> = paid.adjustments.iter().map(|one| (one.minor, one.left_minor)).collect();
            let line = paid.statement.line.map_or(0, |line| line.minor);
            (line + adjustments.iter().map(|(minor, _)| minor).sum::<i64>(), adjustments)
        };
        self.statements(settlement).await.into_iter().map(|(n, paid)| (n, amount(paid))).collect()
    }

    pub async fn deltas(&self, asked: Asked) -> Vec<DeltaShown> {
        let page = Page::read(1_000, "", b"deltas").unwrap();
        correcting::list_deltas(&self.app, &self.approver, &asked, &page).await.unwrap().0
    }

    pub fn store(&self) -> &Store {
        &self.app.store
    }
}

pub fn number(of: PersonId) -> usize {
    usize::try_from(of.0.as_u128() - 0x100).unwrap()
}

pub fn proportional() -> PoolRule {
    let whole = Part { share: Ppm::WHOLE, rule: Rule::Proportional { floor: Micro::ZERO } };
    PoolRule { parts: vec![whole], carry: true }
}

/// Tiers, a proportional part and a fund, with fractions carried.
pub fn mixed() -> PoolRule {
    let tier = |name: &str, min, weight| Tier {
        name: name.to_owned(),
        min_score: Some(Micro::from_int(min)),
        quota: None,
        weight: Micro::from_int(weight),
    };
    let part = |share, rule| Part { share: Ppm::new(share).unwrap(), rule };
    let tiers = Rule::Tiers(vec![tier("a", 90, 3), tier("b", 60, 2), tier("c", 0, 1)]);
    let fund = Rule::TeamFund { name: "team".to_owned() };
    let proportional = Rule::Proportional { floor: Micro::ZERO };
    PoolRule { parts: vec![part(300_000, tiers), part(600_000, proportional), part(100_000, fund)], carry: true }
}

/// A message in English.
pub fn told(message: &Message) -> String {
    tally_i18n::text(tally_kernel::Locale::En, message)
}
