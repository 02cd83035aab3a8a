//! Which facts go and come, as they are stored now, and whether what counts lets them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use tally_access::{OpContext, Region};
use tally_app::directory::People;
use tally_kernel::error::Violations;
use tally_kernel::id::{AccountId, AliasId, CorrectionId, DeviceId, HandoverId, PersonId, PunchId, ShiftId};
use tally_kernel::{Error, Message, Result, limits, msg};
use tally_store::{ScopedTx, UnitOfWork};
use uuid::Uuid;

use super::super::domain::{Action, Correction, CorrectionError, Draft, Fact};
use super::{Known, What};
use crate::alias::domain::Alias;
use crate::device::domain::Device;
use crate::directory::Home;
use crate::handover::domain::{Handover, HandoverKind};
use crate::placed::{Placed, Stored, Subject, counting};
use crate::punch::domain::{Punch, PunchKind};
use crate::roster::domain::Shift;
use crate::{account, alias, days, device, handover, punch, roster};

/// What is different about a punch; nothing keeps what it says.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct ChangedPunch {
    pub at: Option<Timestamp>,
    pub kind: Option<PunchKind>,
}

/// What is different about a hand-over.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct ChangedHandover {
    pub account: Option<AccountId>,
    pub person: Option<PersonId>,
    pub at: Option<Timestamp>,
    pub kind: Option<HandoverKind>,
}

/// What is different about a shift.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct ChangedShift {
    pub account: Option<AccountId>,
    pub person: Option<PersonId>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// Another seat, or none any more.
    pub seat: Option<Option<String>>,
}

/// What a change is about.
pub(super) async fn of(tx: &ScopedTx, ctx: &OpContext, known: &Known, change: &What) -> Result<Draft> {
    let people = &*known.people;
    let (subject, id) = match change {
        What::AddPunch(punch) => return added(ctx, people, Fact::Punch(*punch)),
        What::AddHandover(handover) => return added(ctx, people, Fact::Handover(*handover)),
        What::VoidPunch(id) | What::MovePunch(id, _) => (Subject::Punch, id.0),
        What::VoidHandover(id) | What::MoveHandover(id, _) => (Subject::Handover, id.0),
        What::ChangeShift(id, _) | What::CancelShift(id) => (Subject::Shift, id.0),
        What::EndAlias(id, _) | What::MoveAlias(id, ..) => (Subject::Alias, id.0),
        What::EndDevice(id, _) | What::MoveDevice(id, ..) => (Subject::Device, id.0),
    };
    let Some(stored) = stored(tx, subject, id).await? else {
        return Err(missing(ctx, known, change, (subject, id))?.into());
    };
    if let Some(superseded) = stored.standing.superseded {
        // A cancelled shift is planned again; the history shows both.
        let (What::ChangeShift(..), false) = (change, superseded.moved) else {
            return Err(CorrectionError::Superseded(superseded.by).into());
        };
        let again = after(change, &stored.placed.fact)?.1.into_iter();
        let again = again.map(|fact| place(ctx, people, fact, &stored.placed.home));
        return Ok(Draft { action: Action::Add, gone: None, before: None, after: again.collect::<Result<_>>()? });
    }
    let (action, after) = after(change, &stored.placed.fact)?;
    let after = after.into_iter().map(|fact| place(ctx, people, fact, &stored.placed.home)).collect::<Result<_>>()?;
    Ok(Draft { action, gone: Some((id, stored.standing.correction)), before: Some(stored.placed), after })
}

/// Why a fact is not there: what the request says of it is of a time that is removed, or it may be. A request that says no time may mean any.
fn missing(ctx: &OpContext, known: &Known, change: &What, (subject, id): (Subject, Uuid)) -> Result<CorrectionError> {
    let (person, at) = match change {
        What::MovePunch(_, new) => (None, new.at),
        What::MoveHandover(_, new) => (new.person, new.at),
        What::ChangeShift(_, new) => (new.person, new.start),
        _ => (None, None),
    };
    let removed = known.removed(ctx);
    let said = at.map(|at| removed.before(person, at)).transpose()?.flatten();
    Ok(match said {
        Some(day) => CorrectionError::Purged(day),
        None => CorrectionError::FactUnknown(subject, id, removed.before(None, Timestamp::MIN)?),
    })
}

/// What a correction that waits is about, with the facts as they are now.
pub(super) async fn again(tx: &ScopedTx, ctx: &OpContext, people: &People, asked: &Correction) -> Result<Draft> {
    let home = Home { region: asked.place.0.clone(), unit: asked.place.1 };
    let after = asked.after.iter().map(|fact| place(ctx, people, fact.clone(), &home)).collect::<Result<_>>()?;
    // An erasure leaves nothing of what was asked for.
    if asked.fact.is_none() && asked.after.is_empty() {
        return Err(CorrectionError::Gone.into());
    }
    let Some(id) = asked.fact else {
        return Ok(Draft { action: asked.action, gone: None, before: None, after });
    };
    let subject = asked.subject.parse().map_err(Error::internal)?;
    let stored = stored(tx, subject, id).await?.ok_or(CorrectionError::Gone)?;
    if let Some(superseded) = stored.standing.superseded {
        return Err(CorrectionError::Outdated(superseded.by).into());
    }
    let gone = Some((id, stored.standing.correction));
    Ok(Draft { action: asked.action, gone, before: Some(stored.placed), after })
}

fn added(ctx: &OpContext, people: &People, fact: Fact) -> Result<Draft> {
    let home = Home { region: Region::global(), unit: None };
    Ok(Draft { action: Action::Add, gone: None, before: None, after: vec![place(ctx, people, fact, &home)?] })
}

async fn stored(tx: &ScopedTx, subject: Subject, id: Uuid) -> Result<Option<Stored<Fact>>> {
    Ok(match subject {
        Subject::Punch => punch::facts::get(tx, PunchId(id)).await?.map(|there| there.map(Fact::Punch)),
        Subject::Handover => handover::facts::get(tx, HandoverId(id)).await?.map(|there| there.map(Fact::Handover)),
        Subject::Shift => roster::facts::get(tx, ShiftId(id)).await?.map(|there| there.map(Fact::Shift)),
        Subject::Alias => alias::facts::get(tx, AliasId(id)).await?.map(|there| there.map(Fact::Alias)),
        Subject::Device => device::facts::get(tx, DeviceId(id)).await?.map(|there| there.map(Fact::Device)),
    })
}

/// What counts instead of a fact.
fn after(change: &What, before: &Fact) -> Result<(Action, Vec<Fact>)> {
    Ok(match (change, before) {
        (What::MovePunch(_, new), Fact::Punch(old)) => {
            let (at, kind) = (new.at.unwrap_or(old.at), new.kind.unwrap_or(old.kind));
            (Action::Move, vec![Fact::Punch(Punch { at, kind, ..*old })])
        }
        (What::MoveHandover(_, new), Fact::Handover(old)) => {
            let moved = Handover {
                account: new.account.unwrap_or(old.account),
                person: new.person.unwrap_or(old.person),
                at: new.at.unwrap_or(old.at),
                kind: new.kind.unwrap_or(old.kind),
            };
            (Action::Move, vec![Fact::Handover(moved)])
        }
        (What::ChangeShift(_, new), Fact::Shift(old)) => {
            let shift = Shift {
                account: new.account.unwrap_or(old.account),
                person: new.person.unwrap_or(old.person),
                start: new.start.unwrap_or(old.start),
                end: new.end.unwrap_or(old.end),
                seat: new.seat.clone().unwrap_or_else(|| old.seat.clone()),
            };
            (Action::Change, vec![Fact::Shift(possible(shift)?)])
        }
        (What::CancelShift(_), _) => (Action::Cancel, Vec::new()),
        (What::EndAlias(_, last), Fact::Alias(old)) => {
            within((old.from, old.to), *last, ("to", msg!("ALIAS_DAY_OUTSIDE")))?;
            (Action::End, vec![Fact::Alias(Alias { to: Some(*last), ..old.clone() })])
        }
        (What::MoveAlias(_, person, first), Fact::Alias(old)) => {
            within((old.from, old.to), *first, ("from", msg!("ALIAS_DAY_OUTSIDE")))?;
            let ended = |last| Fact::Alias(Alias { to: Some(last), ..old.clone() });
            let new = Fact::Alias(Alias { person: *person, from: Some(*first), ..old.clone() });
            (
                Action::Move,
                if *person == old.person { vec![before.clone()] } else { parted(old.from, *first, ended, new) },
            )
        }
        (What::EndDevice(_, last), Fact::Device(old)) => {
            within((old.from, old.to), *last, ("to", msg!("DEVICE_DAY_OUTSIDE")))?;
            (Action::End, vec![Fact::Device(Device { to: Some(*last), ..old.clone() })])
        }
        (What::MoveDevice(_, owner, first), Fact::Device(old)) => {
            within((old.from, old.to), *first, ("from", msg!("DEVICE_DAY_OUTSIDE")))?;
            let ended = |last| Fact::Device(Device { to: Some(last), ..old.clone() });
            let new = Fact::Device(Device { owner: owner.clone(), from: Some(*first), ..old.clone() });
            (
                Action::Move,
                if *owner == old.owner { vec![before.clone()] } else { parted(old.from, *first, ended, new) },
            )
        }
        _ => (Action::Void, Vec::new()),
    })
}

/// What it was up to the day before, unless it begins on that day; and what it is from then on.
fn parted(from: Option<Date>, first: Date, ended: impl Fn(Date) -> Fact, new: Fact) -> Vec<Fact> {
    let before = first.yesterday().ok().filter(|_| from.is_none_or(|from| from < first));
    before.map(ended).into_iter().chain([new]).collect()
}

fn possible(shift: Shift) -> Result<Shift> {
    let mut wrong = Violations::new();
    if shift.end <= shift.start {
        wrong.push("end", msg!("NOT_AFTER_START"));
    } else if limits::is_long_shift(shift.start, shift.end) {
        wrong.push("end", msg!("SHIFT_TOO_LONG", hours = limits::SHIFT_HOURS));
    }
    wrong.finish(Some(shift))
}

fn within((from, to): (Option<Date>, Option<Date>), day: Date, (field, why): (&str, Message)) -> Result<()> {
    let mut wrong = Violations::new();
    let inside = from.is_none_or(|from| from <= day) && to.is_none_or(|to| day <= to);
    if !inside {
        wrong.push(field, why);
    }
    wrong.finish(Some(()))
}

/// Where a fact belongs: the home of its person on its day, and where the one before did if it is about nobody in particular.
fn place(ctx: &OpContext, people: &People, fact: Fact, before: &Home) -> Result<Placed<Fact>> {
    let Some(id) = fact.person() else { return Ok(Placed { home: before.clone(), fact }) };
    let person = people.get(id).ok_or(CorrectionError::PersonUnknown(id))?;
    let home = match (&fact, fact.stretch()) {
        (Fact::Alias(Alias { from, .. }) | Fact::Device(Device { from, .. }), _) => {
            days::home(person, *from, ctx.now())
        }
        (_, Some((at, _))) => person.home_at(at),
        (_, None) => None,
    };
    let home = home.ok_or(CorrectionError::PersonUnknown(id))?;
    Ok(Placed { home: home.into(), fact })
}

/// Whether the accounts are there, and what counts lets the new facts count.
pub(super) async fn judge(tx: &ScopedTx, draft: &Draft) -> Result<()> {
    let accounts = draft.accounts();
    let known = account::facts::known(tx, accounts.clone()).await?;
    if let Some(unknown) = accounts.difference(&known).next() {
        return Err(CorrectionError::AccountUnknown(*unknown).into());
    }
    let exclusive = account::facts::exclusive(tx, accounts).await?;
    let gone = draft.gone.map(|(id, _)| id);
    for placed in &draft.after {
        let alone = placed.fact.account().is_some_and(|account| exclusive.contains(&account));
        for other in others(tx, &placed.fact, gone).await? {
            placed.fact.beside(&other, alone)?;
        }
    }
    Ok(())
}

/// What counts where a fact is to count, beside the one that goes.
async fn others(tx: &ScopedTx, fact: &Fact, gone: Option<Uuid>) -> Result<Vec<Fact>> {
    fn all<T>(mut stored: Vec<Stored<T>>, gone: Option<Uuid>, fact: impl Fn(T) -> Fact) -> Vec<Fact> {
        stored.retain(|row| Some(row.id) != gone);
        counting(stored).map(|(found, _)| fact(found)).collect()
    }
    Ok(match fact {
        Fact::Punch(p) => {
            let there = punch::facts::between(tx, Some(vec![p.person]), (p.at, p.at), None).await?;
            all(there, gone, Fact::Punch)
        }
        Fact::Handover(h) => {
            all(handover::facts::between(tx, [h.account], (h.at, h.at), None).await?, gone, Fact::Handover)
        }
        Fact::Shift(s) => all(roster::facts::beginning(tx, [s.person], s.start, s.start).await?, gone, Fact::Shift),
        Fact::Alias(a) => all(alias::facts::nicknamed(tx, vec![a.alias.clone()]).await?, gone, Fact::Alias),
        Fact::Device(d) => all(device::facts::named(tx, vec![d.device.clone()]).await?, gone, Fact::Device),
    })
}

/// Writes a fact that a correction brings.
pub(super) async fn write(
    work: &UnitOfWork,
    ctx: &OpContext,
    Placed { home, fact }: &Placed<Fact>,
    by: CorrectionId,
) -> Result<()> {
    let home = home.clone();
    match fact.clone() {
        Fact::Punch(fact) => punch::facts::correct(work, ctx, &Placed { home, fact }, by).await,
        Fact::Handover(fact) => handover::facts::correct(work, ctx, &Placed { home, fact }, by).await,
        Fact::Shift(fact) => roster::facts::correct(work, ctx, &Placed { home, fact }, by).await,
        Fact::Alias(fact) => alias::facts::correct(work, ctx, Placed { home, fact }, by).await,
        Fact::Device(fact) => device::facts::correct(work, ctx, Placed { home, fact }, by).await,
    }
}

/// The accounts that these people are rostered on, or ever held.
pub(super) async fn accounts_of(
    tx: &ScopedTx,
    people: &BTreeSet<PersonId>,
    stretch: (Timestamp, Timestamp),
) -> Result<BTreeSet<AccountId>> {
    let whose = roster::facts::Whose::People(people.iter().copied().collect());
    let shifts = roster::facts::touching(tx, whose, stretch, None).await?;
    let mut accounts = handover::facts::accounts_of(tx, people.iter().copied()).await?;
    accounts.extend(counting(shifts).map(|(shift, _)| shift.account));
    Ok(accounts)
}
