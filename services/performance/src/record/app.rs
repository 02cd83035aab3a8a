//! Bringing in service records, putting them right, and reading them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_access::{Moment, OpContext, Plan as Reached, Rpc, Target};
use tally_app::import::Import;
use tally_app::{RequestKey, mutate};
use tally_kernel::id::AccountId;
use tally_kernel::import::{ImportOutcome, Problem, refuse};
use tally_kernel::page::{Page, token_invalid};
use tally_kernel::{Error, Kind, Result, msg};
use tally_privacy::Removed;
use tally_store::{Audit, ScopedTx, UnitOfWork, from_db, number_from_db, word_from_db};
use uuid::Uuid;

use super::domain::{Change, KEPT_AS, Plan, Record, Row, RowError, Source, Stored, There, Touched, revise};
use super::store::change::What;
use super::store::version::Ended;
use super::store::{self, change, version, write};
use crate::App;
use crate::policy::{
    GetRecord, ImportRecords, ListRecordChanges, ListRecordVersions, ListRecords, MoveRecord, WithdrawRecord,
};

/// What became of an import; kept as the result of the request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Imported {
    #[serde(flatten)]
    pub outcome: ImportOutcome,
    #[serde(default)]
    pub touched: Option<Touched>,
}

fn target(of: &Source) -> Target {
    Target { region: Some(of.region.clone()), unit: of.unit, ..Target::default() }
}

/// Where the account of a record was when the record began.
fn began(of: &Source, started_ms: i64) -> Result<Target> {
    Ok(target(of).at(instant(started_ms)?))
}

fn instant(ms: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(ms).map_err(Error::internal)
}

/// Writes records of one account. What is there already with the same content is left alone, a higher revision is a new version
/// of what is there, anything else that differs is refused row by row, as is what began when the account was not within reach.
pub async fn import_records(app: &App, ctx: &OpContext, of: &Source, import: Import<Row>) -> Result<Imported> {
    let Import { request, rows, refused } = import;
    // Each record belongs to whom the account was under when it began.
    let judged = rows.into_iter().map(|row| began(of, row.1.record.started_ms).map(|at| (row, at)));
    let (permit, rows, beyond) = ctx.permit_those::<ImportRecords, _>(judged.collect::<Result<Vec<_>>>()?)?;
    // Where the account is, is told only to whoever reaches it where they say that it is.
    let within = match (rows.is_empty(), beyond.is_empty()) {
        (true, true) => !ctx.permit_those::<ImportRecords, _>([((), target(of))])?.1.is_empty(),
        (none, _) => !none,
    };
    if within {
        app.accounts.check(&app.peers, ctx, of.account, &of.region, of.unit).await?;
    }
    let rows = in_own_currency(app, ctx, rows).await?;
    let oldest = rows.iter().map(|(_, row)| row.record.started_ms).min();
    let terms = app.kept.terms(ctx, oldest.map(instant).transpose()?).await?;
    mutate(&app.store, ctx, &permit, &request, async |work| {
        let mut outcome = refused.clone();
        let mut there = write::there(&work, of.account, &rows).await?;
        if rows.iter().any(|(_, row)| depends(row, there.get(&row.record.external_id))) {
            write::lock(&work, of.account).await?;
            there = write::there(&work, of.account, &rows).await?;
        }
        let (rows, taken_from_others) = by_day_of_before(ctx, of, rows.clone(), &there)?;
        for (index, row) in beyond.iter().chain(&taken_from_others) {
            let wrong = RowError::OutOfReach(row.record.external_id.clone());
            outcome.problems.push(Problem::new(*index, wrong.reason(), wrong.message()));
        }
        let removed = Removed::of(terms.as_ref(), KEPT_AS, ctx.now());
        let rows = without_removed(rows, &there, &removed, &mut outcome)?;
        let plan = revise(rows, there, &mut outcome);
        let touched = Touched::of(of.account, plan.changes.len(), plan.starts.iter().copied());
        let elsewhere = elsewhere(&plan);
        write::apply(&work, ctx, of, plan).await?;
        (app.follow)(&work, of.account, elsewhere.iter().map(String::as_str).collect()).await?;
        if let Some(touched) = &touched {
            change::note(&work, ctx, of, What::Imported, touched).await?;
        }
        let audit = Audit::new("performance.record.import", "account", of.account).region(&of.region);
        let audit = tally_app::import::audit(&outcome, audit, &request);
        Ok((work, audit, Imported { outcome: outcome.in_order(), touched }))
    })
    .await
}

/// The external ids of records that begin at another time than before, or come back.
fn elsewhere(plan: &Plan) -> Vec<String> {
    let is_elsewhere = |change: &&Change| match &change.was {
        None => false,
        Some(There::Record(was)) => was.started_ms != change.row.record.started_ms,
        Some(There::Gone { .. }) => true,
    };
    plan.changes.iter().filter(is_elsewhere).map(|change| change.row.record.external_id.clone()).collect()
}

type Rows = Vec<(u32, Row)>;

/// The rows that the caller may write over what is there, and the others: what is there, or was taken out, goes from the day on which it began, and
/// whoever the account was under then says so.
fn by_day_of_before(ctx: &OpContext, of: &Source, rows: Rows, there: &BTreeMap<String, There>) -> Result<(Rows, Rows)> {
    let (mut within, mut judged) = (Vec::new(), Vec::new());
    for row in rows {
        match there.get(&row.1.record.external_id) {
            None => within.push(row),
            Some(There::Record(Stored { started_ms, .. }) | There::Gone { started_ms, .. }) => {
                judged.push((row, began(of, *started_ms)?));
            }
        }
    }
    let (_, reached, beyond) = ctx.permit_those::<ImportRecords, _>(judged)?;
    within.extend(reached);
    Ok((within, beyond))
}

/// Refuses the rows that would begin where nothing is kept, unless what is there of them begins there as well: that is judged as ever.
fn without_removed(
    rows: Rows,
    there: &BTreeMap<String, There>,
    removed: &Removed<'_>,
    outcome: &mut ImportOutcome,
) -> Result<Rows> {
    let day = |started_ms| removed.before(None, instant(started_ms)?);
    refuse(rows, outcome, |index, row| {
        let was = match there.get(&row.record.external_id) {
            None => None,
            Some(There::Record(Stored { started_ms, .. }) | There::Gone { started_ms, .. }) => day(*started_ms)?,
        };
        let gone = day(row.record.started_ms)?.filter(|_| was.is_none());
        let wrong = gone.map(|day| RowError::Purged(row.record.external_id.clone(), day));
        Ok(wrong.map(|wrong| Problem::new(index, wrong.reason(), wrong.message())))
    })
}

/// Whether what becomes of a row depends on a record that somebody else may be changing.
fn depends(row: &Row, there: Option<&There>) -> bool {
    let changes = match there {
        None => false,
        Some(There::Record(stored)) => stored.content != row.content || stored.revision < row.revision,
        Some(There::Gone { .. }) => true,
    };
    changes || row.record.is_refund()
}

/// The group's own currency need not be said: a record that says it is the same as one that does not.
async fn in_own_currency(app: &App, ctx: &OpContext, mut rows: Vec<(u32, Row)>) -> Result<Vec<(u32, Row)>> {
    if rows.iter().all(|(_, row)| row.record.currency.is_empty()) {
        return Ok(rows);
    }
    let own = app.peers.currency(ctx).await?;
    for (_, row) in rows.iter_mut().filter(|(_, row)| row.record.currency == own.code()) {
        row.record.currency.clear();
        row.content = row.record.content();
    }
    Ok(rows)
}

/// A record of an account that is put right, and why.
#[derive(Clone, Debug)]
pub struct Mending {
    pub of: Source,
    pub external_id: String,
    pub reason: String,
}

/// When a record began, also one that was taken out; nothing of one that never was there.
async fn when_begun(app: &App, ctx: &OpContext, of: &Source, external_id: &str) -> Result<Option<Moment>> {
    let tx = app.store.read(ctx).await?;
    let began = match store::said(&tx, of.account, external_id, None).await?.last() {
        Some(said) => Some(said.started_ms),
        None => store::version::newest(&tx, of.account, [external_id]).await?.first().map(|was| was.started_ms),
    };
    began.map(|began| instant(began).map(Moment::Instant)).transpose()
}

/// A record of which nothing says when it began never was there, or retention removed it: the request says no time that would tell which.
async fn there_once(app: &App, ctx: &OpContext, external_id: &str, began: Option<Moment>) -> Result<()> {
    if began.is_some() {
        return Ok(());
    }
    let (missing, terms) = (Error::not_found("record", external_id), app.kept.terms(ctx, Some(Timestamp::MIN)).await?);
    let message = missing.message();
    Err(match Removed::of(terms.as_ref(), KEPT_AS, ctx.now()).before(None, Timestamp::MIN)? {
        Some(day) => Error::of(Kind::NotFound, msg!("NOT_FOUND.removed", missing = *message, day))
            .with("resource", "record")
            .with("id", external_id),
        None => missing,
    })
}

/// Takes a record to the account that it is of.
pub async fn move_record(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    mending: &Mending,
    to: &Source,
) -> Result<Vec<Touched>> {
    let Mending { of, external_id, reason } = mending;
    let began = when_begun(app, ctx, of, external_id).await?;
    ctx.permit::<MoveRecord>(&Target { moment: began, ..target(to) })?;
    let permit = ctx.permit::<MoveRecord>(&Target { moment: began, ..target(of) })?;
    for place in [of, to] {
        app.accounts.check(&app.peers, ctx, place.account, &place.region, place.unit).await?;
    }
    there_once(app, ctx, external_id, began).await?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let taken = write::shift(&work, ctx, (of, to), external_id, reason).await?;
        (app.follow)(&work, to.account, BTreeSet::from([external_id.as_str()])).await?;
        let away = noted(&work, ctx, of, What::MovedAway, &taken).await?;
        let here = noted(&work, ctx, to, What::MovedHere, &taken).await?;
        let audit = Audit::new("performance.record.move", "record", taken.record).region(&of.region);
        let audit = audit.note("account", of.account).note("to", to.account).note("records", taken.rows);
        Ok((work, audit, away.into_iter().chain(here).collect()))
    })
    .await
}

/// Takes out a record that should not be there.
pub async fn withdraw_record(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    mending: &Mending,
) -> Result<Vec<Touched>> {
    let Mending { of, external_id, reason } = mending;
    let began = when_begun(app, ctx, of, external_id).await?;
    let permit = ctx.permit::<WithdrawRecord>(&Target { moment: began, ..target(of) })?;
    app.accounts.check(&app.peers, ctx, of.account, &of.region, of.unit).await?;
    there_once(app, ctx, external_id, began).await?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let taken = write::withdraw(&work, ctx, of, external_id, reason).await?;
        let touched = noted(&work, ctx, of, What::Withdrawn, &taken).await?;
        let audit = Audit::new("performance.record.withdraw", "record", taken.record).region(&of.region);
        Ok((work, audit.note("account", of.account), touched.into_iter().collect()))
    })
    .await
}

async fn noted(
    work: &UnitOfWork,
    ctx: &OpContext,
    of: &Source,
    what: What,
    taken: &write::TakenOut,
) -> Result<Option<Touched>> {
    let touched = Touched::of(of.account, taken.rows, taken.starts.iter().copied());
    if let Some(touched) = &touched {
        change::note(work, ctx, of, what, touched).await?;
    }
    Ok(touched)
}

/// A record as it is told.
#[derive(Debug)]
pub struct Told {
    pub id: String,
    pub revision: u64,
    pub record: Record,
}

impl TryFrom<store::Model> for Told {
    type Error = Error;
    fn try_from(row: store::Model) -> Result<Self> {
        let revision = number_from_db("the revision of a record", row.revision.unwrap_or_default())?;
        Ok(Self { id: row.id.to_string(), revision, record: row.try_into()? })
    }
}

/// One record, by the platform's own id; as it was known at an instant, if one is said.
pub async fn get_record(
    app: &App,
    ctx: &OpContext,
    account: AccountId,
    external_id: &str,
    known_at: Option<Timestamp>,
) -> Result<Told> {
    let plan = ctx.plan::<GetRecord>()?;
    let tx = app.store.read(ctx).await?;
    let found = store::find(&tx, &plan, account, external_id, known_at).await?;
    found.ok_or_else(|| Error::not_found("record", external_id))?.try_into()
}

/// A page of an account's records, by start; as they were known at an instant, if one is said.
pub async fn list_records(
    app: &App,
    ctx: &OpContext,
    account: AccountId,
    span: (i64, i64),
    known_at: Option<Timestamp>,
    page: &Page,
) -> Result<(Vec<Told>, String)> {
    let plan = ctx.plan::<ListRecords>()?;
    let tx = app.store.read(ctx).await?;
    let (rows, next) = store::page(&tx, &plan, account, span, known_at, page).await?;
    Ok((rows.into_iter().map(Told::try_from).collect::<Result<_>>()?, next))
}

/// What a record said from one instant until another.
#[derive(Debug)]
pub struct Version {
    pub told: Told,
    pub account: AccountId,
    pub recorded_at: Timestamp,
    /// Nothing while it counts.
    pub end: Option<VersionEnd>,
    ordinal: i32,
}

/// How a version ended.
#[derive(Debug)]
pub struct VersionEnd {
    pub until: Timestamp,
    pub ended: Ended,
    pub reason: String,
    pub by: Uuid,
}

impl TryFrom<version::Model> for Version {
    type Error = Error;
    fn try_from(was: version::Model) -> Result<Self> {
        let ended = word_from_db("the end of a version of a record", &was.ended)?;
        let end = VersionEnd { until: from_db(was.until_at)?, ended, reason: was.reason.clone(), by: was.ended_by };
        let ordinal = was.ordinal;
        Ok(Self { end: Some(end), ordinal, ..Self::counting(was.into())? })
    }
}

impl Version {
    fn counting(row: store::Model) -> Result<Self> {
        let (account, recorded_at) = (AccountId(row.account_id), from_db(row.recorded_at)?);
        Ok(Self { told: row.try_into()?, account, recorded_at, end: None, ordinal: i32::MAX })
    }
}

/// A page of the versions of the record that has, or had, this external id on an account, newest first. Who reaches the account
/// that it is on now reaches what it was before, on whatever account that was.
pub async fn list_versions(
    app: &App,
    ctx: &OpContext,
    account: AccountId,
    external_id: &str,
    page: &Page,
) -> Result<(Vec<Version>, String)> {
    let plan = ctx.plan::<ListRecordVersions>()?;
    let tx = app.store.read(ctx).await?;
    let current = store::find(&tx, &plan, account, external_id, None).await?;
    let was = version::record_of(&tx, &plan, account, external_id).await?;
    let missing = || Error::not_found("record", external_id);
    let record = current.as_ref().map(|row| row.id).or(was).ok_or_else(missing)?;
    let invalid = |_| token_invalid();
    let before = page.after.as_ref().map(|key| key.parse().map_err(invalid)).transpose()?.unwrap_or(i32::MAX);
    let reached = Some(&plan).filter(|_| current.is_none());
    let mut versions = Vec::new();
    if page.after.is_none() {
        versions.extend(current.map(Version::counting).transpose()?);
    }
    versions.extend(earlier(&tx, reached, record, before, page).await?);
    let next = page.cut(&mut versions, |version| version.ordinal.to_string());
    Ok((versions, next))
}

async fn earlier<R: Rpc>(
    tx: &ScopedTx,
    plan: Option<&Reached<R>>,
    record: Uuid,
    before: i32,
    page: &Page,
) -> Result<Vec<Version>> {
    let rows = version::before(tx, plan, record, before, u64::from(page.size) + 1).await?;
    rows.into_iter().map(Version::try_from).collect()
}

/// What one call did to the records of an account.
#[derive(Debug)]
pub struct Changed {
    pub at: Timestamp,
    pub what: String,
    pub touched: Touched,
}

/// A page of what was done to records at this instant and later, oldest first.
pub async fn list_changes(app: &App, ctx: &OpContext, since: Timestamp, page: &Page) -> Result<(Vec<Changed>, String)> {
    let plan = ctx.plan::<ListRecordChanges>()?;
    let tx = app.store.read(ctx).await?;
    let (rows, next) = change::since(&tx, &plan, since, page).await?;
    let changed = |row: change::Model| {
        let records = number_from_db("the records of a change", row.records)?;
        let touched = Touched { account: AccountId(row.account_id), records, from_ms: row.from_ms, to_ms: row.to_ms };
        Ok(Changed { at: from_db(row.recorded_at)?, what: row.what, touched })
    };
    Ok((rows.into_iter().map(changed).collect::<Result<_>>()?, next))
}
