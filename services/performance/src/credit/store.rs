//! Rows of credits, totals and findings.

use std::collections::BTreeSet;

use jiff::civil;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ExprTrait as _, IntoActiveModel as _};
use tally_access::{OpContext, Plan, Region, Rpc, Target};
use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::person::Employment;
use tally_kernel::{Error, Result};
use tally_store::{Conflict as _, ScopedTx, Select, UnitOfWork, lost_race, number_from_db, to_db};

use crate::run::facts::TakenOver;
use tally_engine::attribution::{Credit, Record, Rung, Why};
use tally_engine::closing::codec::{Share, decode, decode_why, encode, encode_why};
use tally_engine::closing::credit::{rung_number, rung_of};
use tally_engine::closing::snapshot::{FrozenAccount, FrozenPerson};

pub use odd::{
    Found, count_findings, discard_findings, finding, findings, findings_of_agents, findings_with, put_finding,
    put_findings, runs_about,
};

mod odd;

/// Credits, one row a record.
pub mod credit {
    use futures::future::FutureExt as _;
    use sea_orm::entity::prelude::*;
    use tally_kernel::Error;
    use tally_privacy::{ExportCells, Exported, plain};
    use tally_store::ScopedTx;

    use super::{Share, decode, why};

    /// A record's credit. Shares are encoded: see `tally_engine::closing::codec`.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "credits")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub run_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub started_ms: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub external_id: String,
        pub region: String,
        pub rung: i32,
        pub reason: String,
        #[serde(skip)]
        pub shares: Vec<u8>,
        /// What told its people apart, encoded; nothing where nothing is to be said.
        #[serde(skip)]
        pub why: Option<Vec<u8>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region });

    impl Exported for Entity {
        fn tell<'t>(_: &'t ScopedTx, row: &'t Model, _: bool) -> ExportCells<'t> {
            async move {
                let mut told = plain(row)?;
                let shares = decode(&row.shares).ok_or_else(|| Error::internal("shares that are not encoded"))?;
                let share =
                    |share: &Share| serde_json::json!({ "person": share.person, "ppm": share.ppm, "duty": share.duty });
                told.insert("shares".to_owned(), shares.iter().map(share).collect());
                if let Some(why) = why(row.why.as_deref())? {
                    told.insert("why".to_owned(), serde_json::to_value(why).map_err(Error::internal)?);
                }
                Ok(told)
            }
            .boxed()
        }
    }
}

/// Totals by person and account.
pub mod total {
    use sea_orm::entity::prelude::*;

    /// A person's work on one account, or with a nil account on all of them.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "totals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Option<Uuid>,
        pub person_id: Uuid,
        pub run_id: Uuid,
        pub account_id: Uuid,
        pub component: i32,
        pub tagged_ppm: i64,
        pub handover_ppm: i64,
        pub sole_ppm: i64,
        pub inferred_ppm: i64,
        pub equal_ppm: i64,
        pub team_ppm: i64,
        pub total_ppm: i64,
        pub low_ppm: i64,
        pub high_ppm: i64,
        pub recorded_at: DateTimeUtc,
        pub claimed_ppm: Option<i64>,
        pub device_ppm: Option<i64>,
        pub replies_ppm: Option<i64>,
        pub tag_share_ppm: Option<i64>,
        /// The last day of the run, or of the person in the unit; nothing in a row from before days were kept.
        pub day: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, iso_day: Day });
}

impl credit::Model {
    /// What was decided, as the columns keep it: the rung, why to nobody, the shares, and what told people apart.
    pub fn decided(&self) -> Decided<'_> {
        (self.rung, &self.reason, &self.shares, self.why.as_deref())
    }
}

/// What was decided about a record, as it is kept.
pub type Decided<'a> = (i32, &'a str, &'a [u8], Option<&'a [u8]>);

/// A record's credit, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCredit {
    /// The platform's own id.
    pub external_id: String,
    /// Start, milliseconds since 1970.
    pub started_ms: i64,
    /// How sure we are.
    pub rung: Rung,
    /// Why to nobody.
    pub reason: String,
    pub shares: Vec<Share>,
    /// What told its people apart, as it is kept: see [`why`](Self::why).
    packed: Option<Vec<u8>>,
}

impl StoredCredit {
    /// What told its people apart, or why nothing did.
    pub fn why(&self) -> Result<Option<Why>> {
        why(self.packed.as_deref())
    }
}

fn why(packed: Option<&[u8]>) -> Result<Option<Why>> {
    let why = |packed| decode_why(packed).ok_or_else(|| Error::internal("a reason that cannot be decoded"));
    packed.map(why).transpose()
}

impl TryFrom<credit::Model> for StoredCredit {
    type Error = Error;
    fn try_from(row: credit::Model) -> Result<Self> {
        let rung = rung_of(row.rung).ok_or_else(|| Error::internal(format_args!("rung {}", row.rung)))?;
        let shares = decode(&row.shares).ok_or_else(|| Error::internal("shares that cannot be decoded"))?;
        let (external_id, started_ms, reason, packed) = (row.external_id, row.started_ms, row.reason, row.why);
        Ok(Self { external_id, started_ms, rung, reason, shares, packed })
    }
}

/// What was decided about a record, as a row.
pub fn credit_row(
    run: Uuid,
    of: &FrozenAccount,
    record: &Record,
    credit: &Credit,
    (shares, why): (&[Share], Option<&Why>),
) -> credit::ActiveModel {
    credit::ActiveModel {
        tenant_id: NotSet,
        run_id: Set(run),
        account_id: Set(of.id.0),
        started_ms: Set(record.start_ms),
        external_id: Set(record.key.clone()),
        region: Set(of.region.as_str().to_owned()),
        rung: Set(rung_number(credit.rung)),
        reason: Set(credit.reason.map(|reason| reason.to_string()).unwrap_or_default()),
        shares: Set(encode(shares)),
        why: Set(why.map(encode_why)),
    }
}

pub async fn put_credits(work: &UnitOfWork, rows: Vec<credit::ActiveModel>) -> Result<()> {
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}

/// Removes an account's credits of a run, such as those of an attempt that died.
pub async fn clear_credits(work: &UnitOfWork, run: Uuid, account: AccountId) -> Result<()> {
    let mine = credit::Column::RunId.eq(run).and(credit::Column::AccountId.eq(account.0));
    work.delete::<credit::Entity>().filter(mine).exec().await?;
    Ok(())
}

/// The next credits of an account, by start and external id, after the last one read: of records that began within these milliseconds since
/// 1970, the first included.
pub async fn credits(
    tx: &ScopedTx,
    (run, account): (Uuid, AccountId),
    (from, to): (Option<i64>, Option<i64>),
    after: Option<(i64, &str)>,
    limit: u64,
) -> Result<Vec<StoredCredit>> {
    let within = Condition::all()
        .add_option(from.map(|from| credit::Column::StartedMs.gte(from)))
        .add_option(to.map(|to| credit::Column::StartedMs.lt(to)));
    let rows = next(tx, (run, account), after).filter(within).limit(limit).all().await?;
    rows.into_iter().map(StoredCredit::try_from).collect()
}

/// The next credits of an account as they are kept, whether they can be read or not.
pub async fn rows(
    tx: &ScopedTx,
    run: Uuid,
    account: AccountId,
    after: Option<(i64, &str)>,
    limit: u64,
) -> Result<Vec<credit::Model>> {
    Ok(next(tx, (run, account), after).limit(limit).all().await?)
}

fn next<'t>(
    tx: &'t ScopedTx,
    (run, account): (Uuid, AccountId),
    after: Option<(i64, &str)>,
) -> Select<'t, credit::Entity> {
    let mine = credit::Column::RunId.eq(run).and(credit::Column::AccountId.eq(account.0));
    let mut query = tx.select::<credit::Entity>().filter(mine);
    if let Some((ms, id)) = after {
        let later = credit::Column::StartedMs.gt(ms);
        let same = credit::Column::StartedMs.eq(ms).and(credit::Column::ExternalId.gt(id));
        query = query.filter(credit::Column::StartedMs.gte(ms)).filter(later.or(same));
    }
    query.order_by_asc(credit::Column::StartedMs).order_by_asc(credit::Column::ExternalId)
}

pub async fn find_credit(
    tx: &ScopedTx,
    run: Uuid,
    account: AccountId,
    started_ms: i64,
    id: &str,
) -> Result<Option<StoredCredit>> {
    let mine = credit::Column::RunId.eq(run).and(credit::Column::AccountId.eq(account.0));
    let this = credit::Column::StartedMs.eq(started_ms).and(credit::Column::ExternalId.eq(id));
    tx.select::<credit::Entity>().filter(mine.and(this)).one().await?.map(StoredCredit::try_from).transpose()
}

/// A person's work on one account, or on all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    pub person: PersonId,
    /// The account; nothing for all of them.
    pub account: Option<AccountId>,
    /// Millionths of records by rung, from tag to team.
    pub rungs: [u64; 6],
    /// Of the rungs that came later: claim, device, replies, tags nearby.
    pub later: [u64; 4],
    /// All of them.
    pub total: u64,
    /// Lower end of the 90 % interval.
    pub low: u64,
    pub high: u64,
}

/// Where a person stands in the org tree, for who may see the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub region: Region,
    pub unit: Option<OrgUnitId>,
    /// Whom it is about.
    pub person: Option<PersonId>,
    /// The person's last day in the unit, of whoever left before the month was over: on that day it is asked who reaches the row.
    pub left: Option<civil::Date>,
}

impl Place {
    /// Where somebody stands whose home on the last day of a month this is.
    pub fn of(home: &Employment, person: PersonId, last: civil::Date) -> Self {
        let left = Some(home.until(last)).filter(|day| *day < last);
        Self { region: home.region.clone(), unit: Some(home.unit), person: Some(person), left }
    }

    /// The same by what is frozen.
    pub fn frozen(person: &FrozenPerson, last: civil::Date) -> Self {
        let left = Some(person.until(last)).filter(|day| *day < last);
        Self { region: person.region.clone(), unit: Some(person.unit), person: Some(person.id), left }
    }

    /// The day of the row, in a month that ends with this one.
    pub fn day(&self, last: civil::Date) -> civil::Date {
        self.left.unwrap_or(last)
    }

    /// What a call about the row is decided on.
    pub fn target(&self) -> Target {
        Target { region: Some(self.region.clone()), unit: self.unit, person: self.person, moment: None }
    }
}

/// Millionths as a column holds them.
fn ppm(millionths: u64) -> Result<i64> {
    i64::try_from(millionths)
        .map_err(|_| Error::internal(format_args!("{millionths} millionths of records are computed")))
}

/// Writes totals, each with where its person stands. `day` is the last of the run.
pub async fn put_totals(
    work: &UnitOfWork,
    ctx: &OpContext,
    (run, day): (Uuid, civil::Date),
    component: i32,
    totals: &[(Place, Total)],
) -> Result<()> {
    let row = |(place, total): &(Place, Total)| {
        Ok(total::ActiveModel {
            tenant_id: NotSet,
            id: Set(ctx.new_id()),
            region: Set(place.region.as_str().to_owned()),
            unit_id: Set(place.unit.map(Uuid::from)),
            person_id: Set(total.person.0),
            run_id: Set(run),
            account_id: Set(total.account.map_or(Uuid::nil(), Uuid::from)),
            component: Set(component),
            tagged_ppm: Set(ppm(total.rungs[0])?),
            handover_ppm: Set(ppm(total.rungs[1])?),
            sole_ppm: Set(ppm(total.rungs[2])?),
            inferred_ppm: Set(ppm(total.rungs[3])?),
            equal_ppm: Set(ppm(total.rungs[4])?),
            team_ppm: Set(ppm(total.rungs[5])?),
            claimed_ppm: Set(Some(ppm(total.later[0])?)),
            device_ppm: Set(Some(ppm(total.later[1])?)),
            replies_ppm: Set(Some(ppm(total.later[2])?)),
            tag_share_ppm: Set(Some(ppm(total.later[3])?)),
            total_ppm: Set(ppm(total.total)?),
            low_ppm: Set(ppm(total.low)?),
            high_ppm: Set(ppm(total.high)?),
            recorded_at: Set(to_db(ctx.now())),
            day: Set(Some(place.day(day).to_string())),
        })
    };
    let rows: Vec<_> = totals.iter().map(row).collect::<Result<_>>()?;
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}

/// Which totals are asked for: of one person, of one account, or of all accounts together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub person: Option<PersonId>,
    pub account: Option<AccountId>,
    /// Those of people on all accounts alone.
    pub sums_only: bool,
}

impl Totals {
    fn of(self, run: Uuid) -> Condition {
        let account = |id: Uuid| total::Column::AccountId.eq(id);
        Condition::all()
            .add(total::Column::RunId.eq(run))
            .add_option(self.person.map(|person| total::Column::PersonId.eq(person.0)))
            .add_option(self.account.map(|id| account(id.0)))
            .add_option(self.sums_only.then(|| account(Uuid::nil())))
    }
}

/// The accounts of a run on which somebody is credited with anything.
pub async fn accounts_of(tx: &ScopedTx, run: Uuid, person: PersonId) -> Result<BTreeSet<AccountId>> {
    let mine = Totals { person: Some(person), ..Totals::default() }.of(run);
    let accounts: Vec<Uuid> =
        tx.select::<total::Entity>().filter(mine).rows(|rows| rows.column(total::Column::AccountId)).await?;
    Ok(accounts.into_iter().filter(|account| !account.is_nil()).map(AccountId).collect())
}

/// Whose credits of a run the caller reaches: everybody's, or those of one person or account.
pub async fn credited<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, run: Uuid, asked: Totals) -> Result<Vec<PersonId>> {
    let mine = tx.select::<total::Entity>().within(plan).filter(asked.of(run));
    let people = total::Column::PersonId;
    let people: Vec<Uuid> = mine.rows(|rows| rows.column(people).group_by(people)).await?;
    Ok(people.into_iter().map(PersonId).collect())
}

/// A page of totals, by person and account.
pub async fn totals<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    (run, asked): (Uuid, Totals),
    page: &Page,
) -> Result<(Vec<Total>, String)> {
    let mine = tx.select::<total::Entity>().within(plan).filter(asked.of(run));
    let (rows, next) = mine.page_asc(page, [total::Column::PersonId, total::Column::AccountId]).await?;
    let of = |n: i64| number_from_db("the credit of a person", n);
    let total = |row: total::Model| {
        let [tagged, handover, sole] = [row.tagged_ppm, row.handover_ppm, row.sole_ppm].map(of);
        let [inferred, equal, team] = [row.inferred_ppm, row.equal_ppm, row.team_ppm].map(of);
        let later = [row.claimed_ppm, row.device_ppm, row.replies_ppm, row.tag_share_ppm];
        let [claimed, device, replies, tag_share] = later.map(|n| of(n.unwrap_or(0)));
        Ok(Total {
            person: PersonId(row.person_id),
            account: (!row.account_id.is_nil()).then_some(AccountId(row.account_id)),
            rungs: [tagged?, handover?, sole?, inferred?, equal?, team?],
            later: [claimed?, device?, replies?, tag_share?],
            total: of(row.total_ppm)?,
            low: of(row.low_ppm)?,
            high: of(row.high_ppm)?,
        })
    };
    Ok((rows.into_iter().map(total).collect::<Result<_>>()?, next))
}

/// What everybody is credited with on each account of a run, in millionths of records.
pub async fn shares_of_accounts(tx: &ScopedTx, run: Uuid) -> Result<Vec<(AccountId, PersonId, u64)>> {
    use total::Column;
    let these = Column::RunId.eq(run).and(Column::AccountId.ne(Uuid::nil()));
    let rows = tx.select::<total::Entity>().filter(these);
    let rows = rows
        .rows::<(Uuid, Uuid, i64)>(|q| q.column(Column::AccountId).column(Column::PersonId).column(Column::TotalPpm));
    let share = |(account, person, ppm)| {
        Ok((AccountId(account), PersonId(person), number_from_db("what somebody is credited with", ppm)?))
    };
    rows.await?.into_iter().map(share).collect()
}

/// Takes over the totals and findings of components of another run.
pub async fn take_over(work: &UnitOfWork, ctx: &OpContext, from: Uuid, to: Uuid, taken: &TakenOver) -> Result<()> {
    let (now, mut totals, mut findings) = (to_db(ctx.now()), Vec::new(), Vec::new());
    for row in work.select::<total::Entity>().filter(total::Column::RunId.eq(from)).all().await? {
        let Some(component) = taken.get(&row.component) else { continue };
        let fresh = total::Model { id: ctx.new_id(), run_id: to, component: *component, recorded_at: now, ..row };
        totals.push(fresh.into_active_model());
    }
    for row in work.select::<finding::Entity>().filter(finding::Column::RunId.eq(from)).all().await? {
        let Some(component) = taken.get(&row.component) else { continue };
        let fresh = finding::Model { id: ctx.new_id(), run_id: to, component: *component, recorded_at: now, ..row };
        findings.push(fresh.into_active_model());
    }
    work.insert_many(totals).await.conflict(lost_race)?;
    work.insert_many(findings).await?;
    Ok(())
}

/// Throws away the totals of a run.
pub async fn discard_totals(work: &UnitOfWork, run: Uuid) -> Result<()> {
    work.delete::<total::Entity>().filter(total::Column::RunId.eq(run)).exec().await?;
    Ok(())
}

/// Removes a component's totals and findings, such as those of an attempt that died.
pub async fn clear_component(work: &UnitOfWork, run: Uuid, component: i32) -> Result<()> {
    let totals = total::Column::RunId.eq(run).and(total::Column::Component.eq(component));
    work.delete::<total::Entity>().filter(totals).exec().await?;
    let findings = finding::Column::RunId.eq(run).and(finding::Column::Component.eq(component));
    work.delete::<finding::Entity>().filter(findings).exec().await?;
    Ok(())
}

/// The accounts that have credits of a run.
pub async fn accounts_with_credits(tx: &ScopedTx, run: Uuid) -> Result<Vec<AccountId>> {
    let mine = tx.select::<credit::Entity>().filter(credit::Column::RunId.eq(run));
    let rows =
        mine.rows::<(Uuid, i64)>(|q| q.column(credit::Column::AccountId).count().group_by(credit::Column::AccountId));
    Ok(rows.await?.into_iter().map(|(account, _)| AccountId(account)).collect())
}

#[cfg(test)]
mod tests {
    use super::ppm;

    #[test]
    fn more_work_than_a_column_holds_is_a_fault_and_not_the_most_that_it_holds() {
        assert_eq!(ppm(1_500_000).unwrap(), 1_500_000);
        assert_eq!(ppm(u64::MAX).unwrap_err().kind(), tally_kernel::Kind::Internal);
    }
}
