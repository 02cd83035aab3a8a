//! Asking to put a fact right, deciding about it, and changing what needs no second pair of hands.

mod draft;
mod touches;

use std::sync::Arc;

use tally_access::four_eyes::Hands;
use tally_access::{OpContext, Permit, Rpc, Target};
use tally_app::directory::People;
use tally_app::trees::Trees;
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{AliasId, CorrectionId, DeviceId, HandoverId, PersonId, PunchId, ShiftId};
use tally_kernel::page::Page;
use tally_kernel::time::told_at;
use tally_kernel::{Error, Result};
use tally_privacy::{Removed, Terms};
use tally_store::{Audit, ScopedTx, UnitOfWork};
use uuid::Uuid;

use super::domain::{Action, Correction, CorrectionError, Draft, Fact, Filter, Notice, Stage, Taken};
use super::store;
use crate::app::{App, DUTY};
use crate::device::domain::Owner;
use crate::events;
use crate::placed::{Subject, Superseded};
use crate::policy::{ApproveCorrection, GetCorrection, ListCorrections};
use crate::punch::domain::DRIFT;
use crate::superseded::facts::{EARLIEST, LATEST};
use crate::{handover, punch, superseded};

pub(super) use draft::{ChangedHandover, ChangedPunch, ChangedShift};

/// What is to be different.
#[derive(Clone, Debug)]
pub(super) enum What {
    AddPunch(punch::domain::Punch),
    VoidPunch(PunchId),
    MovePunch(PunchId, ChangedPunch),
    AddHandover(handover::domain::Handover),
    VoidHandover(HandoverId),
    MoveHandover(HandoverId, ChangedHandover),
    ChangeShift(ShiftId, ChangedShift),
    CancelShift(ShiftId),
    EndAlias(AliasId, jiff::civil::Date),
    MoveAlias(AliasId, PersonId, jiff::civil::Date),
    EndDevice(DeviceId, jiff::civil::Date),
    MoveDevice(DeviceId, Owner, jiff::civil::Date),
}

/// A fact to put right.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub request: RequestKey,
    pub change: What,
    pub reason: String,
    pub evidence: String,
    /// Only look what would come of it.
    pub validate_only: bool,
}

/// A decision about a correction.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub request: RequestKey,
    pub id: CorrectionId,
    /// Why not; empty for an approval.
    pub reason: String,
    /// Only look what would come of it.
    pub validate_only: bool,
}

/// What is asked of others before a transaction begins.
struct Known {
    people: Arc<People>,
    trees: Arc<Trees>,
    terms: Terms,
}

impl Known {
    /// What retention has removed, or removes next.
    fn removed(&self, ctx: &OpContext) -> Removed<'_> {
        Removed::of(Some(&self.terms), DUTY, ctx.now())
    }
}

async fn known(app: &App, ctx: &OpContext) -> Result<Known> {
    let people = app.directory.everybody(ctx).await?;
    let trees = app.directory.trees(ctx, &people).await?;
    Ok(Known { people, trees, terms: tally_privacy::terms(&app.peers.identity, ctx).await? })
}

/// Asks to put a punch or a hand-over right; changes a shift, an alias or a device at once.
///
/// # Errors
/// See [`CorrectionError`]; `PERMISSION_DENIED`.
pub(super) async fn correct<R: Rpc>(app: &App, ctx: &OpContext, wanted: &Wanted) -> Result<Correction> {
    ctx.plan::<R>()?;
    let known = known(app, ctx).await?;
    let draft = draft::of(&*app.store.read(ctx).await?, ctx, &known, &wanted.change).await?;
    let permit = ctx.permit_all::<R>(draft.targets())?;
    if wanted.validate_only {
        let tx = app.store.read(ctx).await?;
        let asked = asked(app, ctx, &tx, &permit, &known, wanted).await?.1;
        return Ok(Correction { id: CorrectionId(Uuid::nil()), stage: Stage::Preview, ..asked });
    }
    mutate(&app.store, ctx, &permit, &wanted.request, async |mut work: UnitOfWork| {
        lock(&work, &draft).await?;
        let (draft, correction) = asked(app, ctx, &work, &permit, &known, wanted).await?;
        let waits = correction.stage == Stage::Waiting;
        store::insert(&work, &correction, waits.then(|| draft.waiting_on())).await?;
        if !waits {
            apply(&mut work, ctx, &draft, &correction).await?;
        }
        let action = if waits { "attendance.correction.request" } else { "attendance.correction.make" };
        Ok((work, audit(action, &correction), correction))
    })
    .await
}

/// What would be asked for, judged by all that is there.
async fn asked<R: Rpc>(
    app: &App,
    ctx: &OpContext,
    tx: &ScopedTx,
    permit: &Permit<R>,
    known: &Known,
    wanted: &Wanted,
) -> Result<(Draft, Correction)> {
    let draft = draft::of(tx, ctx, known, &wanted.change).await?;
    let first = draft.facts().next().ok_or_else(|| Error::internal("a correction of nothing"))?.clone();
    let subject = first.fact.subject();
    let approved = matches!(subject, Subject::Punch | Subject::Handover);
    if let Some(waiting) = store::waiting(tx, &draft.waiting_on()).await?.filter(|_| approved) {
        return Err(CorrectionError::WaitsAlready(waiting).into());
    }
    judge(tx, ctx, known, &draft).await?;
    let notice = notice(ctx, &draft);
    if notice.is_some_and(|notice| notice.late) && wanted.reason.trim().is_empty() {
        return Err(CorrectionError::LateWithoutReason.into());
    }
    let id = CorrectionId(ctx.new_id());
    let touched = touches::of(app, tx, known, &draft, id).await?;
    let correction = Correction {
        id,
        subject: subject.to_string(),
        action: draft.action,
        stage: if approved { Stage::Waiting } else { Stage::Made },
        person: first.fact.person(),
        other: draft.people().into_iter().find(|person| Some(*person) != first.fact.person()),
        place: (first.home.region, first.home.unit),
        fact: draft.gone.map(|(fact, _)| fact),
        before: draft.before.clone().map(|placed| placed.fact),
        after: draft.after.iter().map(|placed| placed.fact.clone()).collect(),
        reason: wanted.reason.trim().to_owned(),
        evidence: wanted.evidence.trim().to_owned(),
        requested: Taken { by: Hands::of(ctx, permit), at: ctx.now() },
        approved: None,
        dropped: None,
        touched: Some(touched),
        until: draft.stretch().map_or(LATEST, |(_, until)| until),
        notice,
    };
    Ok((draft, correction))
}

fn notice(ctx: &OpContext, draft: &Draft) -> Option<Notice> {
    let starts = draft.facts().filter_map(|placed| match &placed.fact {
        Fact::Shift(shift) => Some(shift.start),
        Fact::Punch(_) | Fact::Handover(_) | Fact::Alias(_) | Fact::Device(_) => None,
    });
    Notice::of(ctx.now(), starts)
}

/// Whether the facts may be: still kept, something else than before, and not against what counts.
async fn judge(tx: &ScopedTx, ctx: &OpContext, known: &Known, draft: &Draft) -> Result<()> {
    draft.changes()?;
    for placed in &draft.after {
        happened(ctx, known, &placed.fact)?;
    }
    let removed = known.removed(ctx);
    for placed in draft.facts() {
        let Some((from, _)) = placed.fact.stretch() else { continue };
        if let Some(day) = removed.before(placed.fact.person(), from)? {
            return Err(CorrectionError::Purged(day).into());
        }
    }
    draft::judge(tx, draft).await
}

/// A punch and a hand-over are of what has happened; a clock may differ by as much as nobody is told of who punches.
fn happened(ctx: &OpContext, known: &Known, fact: &Fact) -> Result<()> {
    let at = match fact {
        Fact::Punch(punch) => punch.at,
        Fact::Handover(handover) => handover.at,
        // Planned, or meant.
        Fact::Shift(_) | Fact::Alias(_) | Fact::Device(_) => return Ok(()),
    };
    if at.duration_since(ctx.now()) <= DRIFT {
        return Ok(());
    }
    let person = fact.person().and_then(|person| known.people.get(person));
    let zone = person.map_or(jiff::tz::TimeZone::UTC, |person| person.zone.clone());
    Err(CorrectionError::NotYet(told_at(at, &zone), told_at(ctx.now(), &zone)).into())
}

/// Approves what somebody else asked for.
///
/// # Errors
/// See [`CorrectionError`]; `PERMISSION_DENIED`.
pub(super) async fn approve(app: &App, ctx: &OpContext, wanted: &Decision) -> Result<Correction> {
    let permit = ctx.permit_all::<ApproveCorrection>([])?;
    let known = known(app, ctx).await?;
    if wanted.validate_only {
        return Ok(approved(app, ctx, &*app.store.read(ctx).await?, &known, wanted.id).await?.1);
    }
    mutate(&app.store, ctx, &permit, &wanted.request, async |mut work: UnitOfWork| {
        store::lock(&work, wanted.id).await?;
        if let Some(asked) = store::get(&work, wanted.id).await? {
            lock_subject(&work, asked.subject.parse().map_err(Error::internal)?, asked.person.as_slice()).await?;
        }
        let (draft, correction, by) = approved(app, ctx, &work, &known, wanted.id).await?;
        store::approve(&work, &correction, by).await?;
        apply(&mut work, ctx, &draft, &correction).await?;
        Ok((work, audit("attendance.correction.approve", &correction), correction))
    })
    .await
}

/// The correction as it is once the caller approves it, with its facts as they are now.
async fn approved(
    app: &App,
    ctx: &OpContext,
    tx: &ScopedTx,
    known: &Known,
    id: CorrectionId,
) -> Result<(Draft, Correction, Taken)> {
    let asked = store::get(tx, id).await?.ok_or(CorrectionError::Unknown(id))?;
    let permit = ctx.permit::<ApproveCorrection>(&asked.target())?;
    let by = Taken { by: Hands::of(ctx, &permit), at: ctx.now() };
    asked.judged_by(by.by)?;
    let draft = draft::again(tx, ctx, &known.people, &asked).await?;
    ctx.permit_all::<ApproveCorrection>(draft.targets())?;
    judge(tx, ctx, known, &draft).await?;
    let touched = touches::of(app, tx, known, &draft, id).await?;
    let correction = Correction { stage: Stage::Approved, approved: Some(by), touched: Some(touched), ..asked };
    Ok((draft, correction, by))
}

/// Ends a correction that waits: somebody else rejects it, whoever asked withdraws it; `how` says which.
///
/// # Errors
/// See [`CorrectionError`]; `PERMISSION_DENIED`.
pub(super) async fn drop<R: Rpc>(app: &App, ctx: &OpContext, how: Stage, wanted: &Decision) -> Result<Correction> {
    let permit = ctx.permit_all::<R>([])?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work: UnitOfWork| {
        store::lock(&work, wanted.id).await?;
        let asked = store::get(&work, wanted.id).await?.ok_or(CorrectionError::Unknown(wanted.id))?;
        let by = Taken { by: Hands::of(ctx, &ctx.permit::<R>(&asked.target())?), at: ctx.now() };
        let action = if how == Stage::Rejected {
            asked.judged_by(by.by)?;
            "attendance.correction.reject"
        } else {
            asked.withdrawn_by(by.by)?;
            "attendance.correction.withdraw"
        };
        store::drop(&work, wanted.id, how, by, &wanted.reason).await?;
        let correction = Correction { stage: how, dropped: Some((by, wanted.reason.clone())), ..asked };
        Ok((work, audit(action, &correction), correction))
    })
    .await
}

/// Imports and other corrections of the same kind go one after the other.
async fn lock(work: &UnitOfWork, draft: &Draft) -> Result<()> {
    let Some(first) = draft.facts().next() else { return Ok(()) };
    let people: Vec<PersonId> = draft.people().into_iter().collect();
    lock_subject(work, first.fact.subject(), &people).await
}

async fn lock_subject(work: &UnitOfWork, subject: Subject, people: &[PersonId]) -> Result<()> {
    let all = match subject {
        Subject::Punch => "punches",
        Subject::Handover => "handovers",
        Subject::Shift => "shifts",
        Subject::Alias => "aliases",
        Subject::Device => "devices",
    };
    work.lock(all, Uuid::nil()).await?;
    for person in people.iter().filter(|_| subject == Subject::Punch) {
        work.lock("punch", person.0).await?;
    }
    Ok(())
}

/// From now on what the correction says counts; and whoever wants to know is told.
async fn apply(work: &mut UnitOfWork, ctx: &OpContext, draft: &Draft, correction: &Correction) -> Result<()> {
    if let (Some((id, _)), Some(before)) = (draft.gone, &draft.before) {
        let moved = matches!(correction.action, Action::Move | Action::Change | Action::End);
        let fact = superseded::facts::Fact {
            id,
            subject: before.fact.subject(),
            home: before.home.clone(),
            person: before.fact.person(),
            stretch: before.fact.stretch().unwrap_or((EARLIEST, LATEST)),
            by: Superseded { by: correction.id, moved },
        };
        superseded::facts::insert(work, ctx, &fact).await?;
    }
    for placed in &draft.after {
        draft::write(work, ctx, placed, correction.id).await?;
    }
    if let Some(touched) = &correction.touched {
        let accounts = touched.accounts.iter().map(|touched| touched.account);
        let days = (touched.from, touched.to);
        let people = touched.people.iter().copied();
        work.emit(events::duty_corrected(correction.id, correction.what(), accounts, people, days)?);
    }
    Ok(())
}

fn audit(action: &'static str, correction: &Correction) -> Audit {
    let people = correction.person.into_iter().chain(correction.other);
    let audit = Audit::new(action, "correction", correction.id).about_all(people.collect::<Vec<_>>());
    audit.region(&correction.place.0).note("what", correction.what())
}

/// One correction.
///
/// # Errors
/// `NOT_FOUND`, also for one out of reach.
pub(super) async fn get(app: &App, ctx: &OpContext, id: CorrectionId) -> Result<Correction> {
    let found = store::get(&*app.store.read(ctx).await?, id).await?.ok_or(CorrectionError::Unknown(id))?;
    let read = |target: &Target| ctx.permit_read::<GetCorrection>(target, "correction", id);
    let other = found.other.map(|other| Target { person: Some(other), ..Target::default() });
    read(&found.target()).or_else(|refused| other.map_or(Err(refused), |other| read(&other)))?;
    Ok(found)
}

/// A page of corrections, newest first, and the token of the next.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(super) async fn list(app: &App, ctx: &OpContext, of: &Filter, page: &Page) -> Result<(Vec<Correction>, String)> {
    let plan = ctx.plan::<ListCorrections>()?;
    store::page(&*app.store.read(ctx).await?, &plan, page, of).await
}
