//! What other rooms may ask of corrections: what waits, what a settlement takes of it, and what a statement shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use tally_access::{OpContext, Region};
use tally_app::directory::{Directory, People};
use tally_app::trees::Trees;
use tally_kernel::id::{CorrectionId, CycleId, DeltaId, OrgUnitId, PersonId, SettlementId};
use tally_kernel::person::Employment;
use tally_kernel::{Currency, Error, Result};
use tally_store::{ScopedTx, UnitOfWork};
use uuid::Uuid;

use super::domain::{Adjusted, Below, Delta, Filed, Outstanding};
use super::store::adjustments::{self, Amounts};
use super::store::{self, deltas};
use crate::statement::domain::{Belonged, Heading};

/// Whoever changes what is paid or waits goes one after the other: settlements that take deltas, give them back or post, and
/// corrections.
pub(crate) async fn lock(work: &UnitOfWork) -> Result<()> {
    Ok(work.lock("pay", Uuid::nil()).await?)
}

/// Where everybody belongs at an instant: whose settlement pays what waits of whom.
pub(crate) struct Now {
    pub(crate) people: Arc<People>,
    pub(crate) trees: Arc<Trees>,
    pub(crate) at: Timestamp,
    /// Nobody is looked at on an earlier day than this: the last of the cycle that a settlement is of. Who is planned to move is where the
    /// person is until then.
    pub(crate) not_before: Option<Date>,
}

/// Where somebody belongs.
pub(crate) struct Belongs<'a> {
    pub(crate) home: &'a Employment,
    /// The unit that the person counts in.
    pub(crate) counted: OrgUnitId,
    pub(crate) below: Below,
}

impl Now {
    pub(crate) async fn of(directory: &Directory, ctx: &OpContext, not_before: Option<Date>) -> Result<Self> {
        let people = directory.everybody(ctx).await?;
        let trees = directory.trees(ctx, &people).await?;
        Ok(Self { people, trees, at: ctx.now(), not_before })
    }

    /// Where somebody belongs, or belonged last: who left in the branch that the unit was below on the last day there. Nothing of whom identity does not know.
    pub(crate) fn belongs(&self, person: PersonId) -> Option<Belongs<'_>> {
        let person = self.people.get(person)?;
        let today = person.zone.to_datetime(self.at).date();
        let day = self.not_before.map_or(today, |last| last.max(today));
        let home = person.home(day)?;
        let (until, counted) = (home.until(day), self.trees.counted(home, day));
        let below = |unit, day| {
            let hung = self.trees.hung(unit, day, Some(day)).into_iter().next();
            hung.map(|hung| hung.below).unwrap_or_default()
        };
        let goes_on = self.trees.goes_on_in(counted, day).or(Some(counted).filter(|_| until < day));
        let below = Below { hung: below(home.unit, until), goes_on: goes_on.map(|unit| below(unit, day)) };
        Some(Belongs { home, counted, below })
    }
}

/// A delta that waits, and what stands behind it.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) outstanding: Outstanding,
    /// Where the person belonged when it was put right.
    pub(crate) place: (Region, OrgUnitId),
    /// Digest of what the correction rests on.
    pub(crate) inputs_digest: String,
}

/// What waits in a currency for a settlement that takes it, the oldest first.
pub(crate) async fn waiting(tx: &ScopedTx, currency: Currency) -> Result<Vec<Waiting>> {
    let mut kept = deltas::waiting(tx, currency).await?;
    let corrections = store::these(tx, deltas::Kept::corrections(&kept)).await?;
    oldest_first(&mut kept, &corrections);
    let waiting = kept.into_iter().map(|delta| {
        let of = corrections.get(&delta.correction).ok_or_else(|| Error::internal("a delta of no correction"))?;
        Ok(Waiting { outstanding: delta.outstanding(of), place: delta.place, inputs_digest: of.inputs_digest.clone() })
    });
    waiting.collect()
}

/// In the order in which they were approved, corrections of one settlement one after the other.
fn oldest_first(deltas: &mut [deltas::Kept], corrections: &BTreeMap<CorrectionId, Filed>) {
    let number = |delta: &deltas::Kept| corrections.get(&delta.correction).map(|of| of.number);
    deltas.sort_by_key(|delta| (delta.approved_at, number(delta), delta.correction, delta.id));
}

/// A settlement is drafted that takes these. `place` says where each person belongs.
pub(crate) async fn hold(
    work: &UnitOfWork,
    ctx: &OpContext,
    by: &Heading,
    people: &[Adjusted],
    place: impl Fn(&Adjusted) -> Result<Belonged>,
) -> Result<()> {
    let taken: BTreeMap<_, _> =
        people.iter().flat_map(|one| one.adjustments.iter().map(move |taken| (taken.of.id, (one, taken)))).collect();
    for mut delta in deltas::these(work, taken.keys().copied().collect()).await? {
        let Some((one, adjustment)) = taken.get(&delta.id) else { continue };
        let amounts = Amounts { minor: adjustment.minor, left_minor: adjustment.left_minor };
        adjustments::insert(work, ctx, by, (delta.id, amounts), (one.who.person, place(one)?)).await?;
        (delta.stage, delta.held_by) = (deltas::Stage::Held, Some(by.settlement));
        deltas::keep(work, &delta).await?;
    }
    Ok(())
}

/// What a settlement took, each as it waited before, the oldest first.
pub(crate) async fn taken(tx: &ScopedTx, settlement: SettlementId) -> Result<Vec<Waiting>> {
    let taken = adjustments::of_settlement(tx, settlement, None).await?;
    let mut kept = deltas::these(tx, taken.keys().copied().collect()).await?;
    let corrections = store::these(tx, deltas::Kept::corrections(&kept)).await?;
    oldest_first(&mut kept, &corrections);
    let waiting = kept.into_iter().map(|delta| {
        let of = corrections.get(&delta.correction).ok_or_else(|| Error::internal("a delta of no correction"))?;
        let amounts = taken.get(&delta.id).map(|taken| taken.amounts);
        let left = amounts.and_then(|it| it.minor.checked_add(it.left_minor));
        let left_minor = left.ok_or_else(|| Error::internal("a delta that nothing was taken of"))?;
        let outstanding = Outstanding { left_minor, ..delta.outstanding(of) };
        Ok(Waiting { outstanding, place: delta.place, inputs_digest: of.inputs_digest.clone() })
    });
    waiting.collect()
}

/// By person what a settlement pays of each delta, and what is left of it, in minor units.
pub(crate) async fn amounts(
    tx: &ScopedTx,
    settlement: SettlementId,
) -> Result<BTreeMap<PersonId, BTreeMap<DeltaId, (i64, i64)>>> {
    let mut amounts: BTreeMap<PersonId, BTreeMap<DeltaId, (i64, i64)>> = BTreeMap::new();
    for (delta, kept) in adjustments::of_settlement(tx, settlement, None).await? {
        let Amounts { minor, left_minor } = kept.amounts;
        amounts.entry(kept.person).or_default().insert(delta, (minor, left_minor));
    }
    Ok(amounts)
}

/// A settlement is thrown away: what it held waits for the next one.
pub(crate) async fn free(work: &UnitOfWork, settlement: SettlementId, at: Timestamp) -> Result<()> {
    for mut delta in deltas::held_by(work, settlement).await? {
        (delta.stage, delta.held_by) = (deltas::Stage::Waiting, None);
        deltas::keep(work, &delta).await?;
    }
    adjustments::end(work, settlement, adjustments::Stage::Freed, at).await
}

/// A settlement is posted: what it held is paid or held back, and what is left waits for the next one. Gives what everybody gets
/// or loses by it, after it was checked against what was left.
pub(crate) async fn settle(
    work: &UnitOfWork,
    settlement: SettlementId,
    at: Timestamp,
) -> Result<BTreeMap<PersonId, i64>> {
    let taken = adjustments::of_settlement(work, settlement, None).await?;
    let held = deltas::held_by(work, settlement).await?;
    let mut sums: BTreeMap<PersonId, i64> = BTreeMap::new();
    let broken = || Error::internal(format!("settlement {settlement}: its adjustments do not add up"));
    if held.len() != taken.len() {
        return Err(broken());
    }
    for mut delta in held {
        let kept = taken.get(&delta.id).ok_or_else(broken)?;
        let Amounts { minor, left_minor } = kept.amounts;
        if minor.checked_add(left_minor) != Some(delta.owed.left_minor) {
            return Err(broken());
        }
        let sum = sums.entry(kept.person).or_default();
        *sum = sum.checked_add(minor).ok_or_else(broken)?;
        delta.stage = if left_minor == 0 { deltas::Stage::Settled } else { deltas::Stage::Waiting };
        (delta.held_by, delta.owed.left_minor) = (None, left_minor);
        deltas::keep(work, &delta).await?;
    }
    adjustments::end(work, settlement, adjustments::Stage::Settled, at).await?;
    Ok(sums)
}

/// An adjustment as a statement shows it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) correction: CorrectionId,
    /// The settlement that was put right.
    pub(crate) settlement: SettlementId,
    pub(crate) cycle: CycleId,
    /// Why it was put right.
    pub(crate) reason: String,
    /// The version of the cycle's cards; 0 where none says one.
    pub(crate) cards_version: u32,
    pub(crate) delta: Delta,
    /// What the statement pays of it, or with a minus holds back, in minor units.
    pub(crate) minor: i64,
    /// What is left for the next one.
    pub(crate) left_minor: i64,
}

/// What the statements of a settlement show beside its own amounts, the oldest first: of one person, or of all.
pub(crate) async fn shown(
    tx: &ScopedTx,
    settlement: SettlementId,
    person: Option<PersonId>,
) -> Result<BTreeMap<PersonId, Vec<Shown>>> {
    let taken = adjustments::of_settlement(tx, settlement, person).await?;
    let mut kept = deltas::these(tx, taken.keys().copied().collect()).await?;
    let corrections = store::these(tx, deltas::Kept::corrections(&kept)).await?;
    oldest_first(&mut kept, &corrections);
    let mut shown: BTreeMap<PersonId, Vec<Shown>> = BTreeMap::new();
    for delta in kept {
        let (Some(adjustment), Some(of)) = (taken.get(&delta.id), corrections.get(&delta.correction)) else { continue };
        shown.entry(adjustment.person).or_default().push(Shown {
            correction: delta.correction,
            settlement: delta.settlement,
            cycle: delta.cycle,
            reason: of.reckoned.reason.clone(),
            cards_version: of.cards_version,
            delta: delta.owed.delta,
            minor: adjustment.amounts.minor,
            left_minor: adjustment.amounts.left_minor,
        });
    }
    Ok(shown)
}
