//! Which attempt shows what a cycle came to: its own, or that of a correction that was published since.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Condition;
use tally_kernel::id::{AttributionRunId, CycleId, SchemeId};
use tally_kernel::{Error, Result};
use tally_store::{ScopedTx, UnitOfWork, among};

use super::{Column, Entity, load};
use crate::cycle::domain::{Asked, Cycle, CycleError, State};

/// A cycle that has a result, with the attempt that it is kept under.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The cycle that was asked for, or a correction of it.
    pub cycle: Cycle,
    /// The attempt.
    pub run: Uuid,
}

impl Shown {
    fn of(cycle: Cycle) -> Option<Self> {
        match (cycle.state, cycle.run) {
            (State::Reviewable | State::Published, Some(run)) => Some(Self { cycle, run }),
            (State::Reviewable | State::Published | State::Open | State::Closing | State::Failed, _) => None,
        }
    }

    /// When the attempt began, as its id says.
    pub fn begun(&self) -> Timestamp {
        let (seconds, nanos) = self.run.get_timestamp().map(|at| at.to_unix()).unwrap_or_default();
        let at = i64::try_from(seconds).ok().and_then(|s| Timestamp::new(s, i32::try_from(nanos).unwrap_or(0)).ok());
        at.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The run whose credits it shows. Before runs were kept, each attempt was one.
    pub fn attribution(&self) -> AttributionRunId {
        self.cycle.attribution.unwrap_or(AttributionRunId(self.run))
    }
}

/// Every version of the result of a cycle, oldest first: nothing where none is published. A correction shows its own alone.
pub async fn versions(tx: &ScopedTx, of: Cycle) -> Result<Vec<Cycle>> {
    Ok(versions_of(tx, vec![of]).await?.pop().unwrap_or_default())
}

/// The same of each of these cycles, in their order.
pub async fn versions_of(tx: &ScopedTx, of: Vec<Cycle>) -> Result<Vec<Vec<Cycle>>> {
    let corrections = among::<Entity>(tx, Column::CorrectsId, of.iter().map(|cycle| cycle.id));
    let published = tx.select::<Entity>().filter(corrections).filter(Column::State.eq(State::Published.to_string()));
    let mut later: HashMap<CycleId, Vec<Cycle>> = HashMap::new();
    for row in published.order_by_asc(Column::ResultVersion).all().await? {
        let version = Cycle::try_from(row)?;
        if let Some(corrects) = &version.corrects {
            later.entry(corrects.cycle).or_default().push(version);
        }
    }
    let versions = |own: Cycle| {
        let corrections = later.remove(&own.id).unwrap_or_default();
        own.published.is_some().then_some(own).into_iter().chain(corrections).collect()
    };
    Ok(of.into_iter().map(versions).collect())
}

/// The published cycles of a scheme, without corrections, those that end before a day where one is named: the newest first.
pub async fn published_before(tx: &ScopedTx, scheme: SchemeId, day: Option<Date>) -> Result<Vec<Cycle>> {
    let of = Column::SchemeId.eq(scheme.0).and(Column::State.eq(State::Published.to_string()));
    let before = Condition::all().add_option(day.map(|day| Column::PeriodTo.lt(day.to_string())));
    let rows = tx.select::<Entity>().filter(of.and(Column::CorrectsId.is_null())).filter(before);
    let rows = rows.order_by_desc(Column::PeriodTo).order_by_desc(Column::PeriodFrom).order_by_desc(Column::Id);
    rows.all().await?.into_iter().map(Cycle::try_from).collect()
}

/// What each of these cycles came to, by the newest version of its result: nothing of one that has none.
pub async fn all_shown(tx: &ScopedTx, of: Vec<Cycle>) -> Result<Vec<(Cycle, Option<Shown>)>> {
    let versions = versions_of(tx, of.clone()).await?;
    let shown = |(own, mut versions): (Cycle, Vec<Cycle>)| {
        let newest = versions.pop().unwrap_or_else(|| own.clone());
        (own, Shown::of(newest))
    };
    Ok(of.into_iter().zip(versions).map(shown).collect())
}

/// What a cycle came to.
///
/// # Errors
/// `CYCLE_WITHOUT_RESULT`, `RESULT_VERSION_UNKNOWN`.
pub async fn shown(tx: &ScopedTx, id: CycleId, asked: Asked) -> Result<Shown> {
    let own = load(tx, id).await?;
    let mut versions = versions(tx, own.clone()).await?;
    let published: Vec<_> = versions.iter().filter_map(|version| version.published).collect();
    let cycle = match asked.of(&published) {
        Some(place) => versions.swap_remove(place),
        None if asked == Asked::Newest => own,
        None => return Err(CycleError::NoVersion.into()),
    };
    Shown::of(cycle).ok_or_else(|| CycleError::NoResult.into())
}

/// Under what the findings of a cycle are kept: also of one that failed, since they say why.
pub async fn findings_of(tx: &ScopedTx, id: CycleId) -> Result<Vec<Uuid>> {
    let own = load(tx, id).await?;
    let cycle = match own.state {
        State::Failed => own,
        State::Reviewable | State::Published | State::Open | State::Closing => {
            shown(tx, id, Asked::Newest).await?.cycle
        }
    };
    let run = cycle.run.ok_or_else(|| Error::from(CycleError::NoResult))?;
    Ok(cycle.attribution.map(Uuid::from).into_iter().chain([run]).collect())
}

/// The correction of a cycle that is not published, locked: there is one at most.
pub async fn underway(work: &UnitOfWork, id: CycleId) -> Result<Option<Cycle>> {
    let unpublished = Column::CorrectsId.eq(id.0).and(Column::State.ne(State::Published.to_string()));
    work.select::<Entity>().filter(unpublished).for_update().one().await?.map(Cycle::try_from).transpose()
}
