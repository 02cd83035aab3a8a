//! Tables of dated facts (`docs/decisions/0010-dated-facts.md`): a row is a version, which holds on some days and is known from
//! when it was recorded until it is superseded.

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::ColumnTrait;
use sea_orm::sea_query::Condition;
use tally_kernel::Error;
use uuid::Uuid;

use super::unit_of_work::UnitOfWork;
use crate::error::StoreError;
use crate::tx::context::{date_to_db, to_db};
use crate::tx::scoped::{Scoped, among};

/// An entity whose rows are versions of dated facts. Written with [`dated!`](crate::dated!).
pub trait Versions: Scoped {
    /// Its columns.
    fn columns() -> Columns<Self::Column>;
}

/// What every table of dated facts has.
pub struct Columns<C> {
    /// The version.
    pub id: C,
    /// First day.
    pub valid_from: C,
    /// Last day, or no end.
    pub valid_to: C,
    /// From when on it was known.
    pub recorded_at: C,
    /// Until when.
    pub superseded_at: C,
}

/// Says that the rows of an entity are versions of dated facts, with columns of the usual names.
#[macro_export]
macro_rules! dated {
    ($entity:ty) => {
        impl $crate::dated::Versions for $entity {
            fn columns() -> $crate::dated::Columns<Self::Column> {
                type Of = <$entity as $crate::orm::EntityTrait>::Column;
                $crate::dated::Columns {
                    id: Of::Id,
                    valid_from: Of::ValidFrom,
                    valid_to: Of::ValidTo,
                    recorded_at: Of::RecordedAt,
                    superseded_at: Of::SupersededAt,
                }
            }
        }
    };
}

/// The versions that were known at an instant, or are known now.
pub fn known<E: Versions>(at: Option<Timestamp>) -> Condition {
    let Columns { recorded_at, superseded_at, .. } = E::columns();
    counting((recorded_at, superseded_at), at, false)
}

/// The rows that count now, or counted at an instant, by the columns that say since and until when each does; with those that `ended`,
/// whatever had come by then.
pub fn counting<C: ColumnTrait>((since, until): (C, C), at: Option<Timestamp>, ended: bool) -> Condition {
    let at = at.map(to_db);
    let come = Condition::all().add_option(at.map(|at| since.lte(at)));
    if ended {
        return come;
    }
    come.add(Condition::any().add(until.is_null()).add_option(at.map(|at| until.gt(at))))
}

/// Those of them that hold on a day from this one on.
pub fn known_since<E: Versions>(day: Date, at: Option<Timestamp>) -> Condition {
    let last = E::columns().valid_to;
    known::<E>(at).add(Condition::any().add(last.is_null()).add(last.gte(date_to_db(day))))
}

/// Those of them that hold on a day.
pub fn known_on<E: Versions>(day: Date, at: Option<Timestamp>) -> Condition {
    known_between::<E>(day, day, at)
}

/// Those of them that hold on a day between these.
pub fn known_between<E: Versions>(from: Date, to: Date, at: Option<Timestamp>) -> Condition {
    known_since::<E>(from, at).add(E::columns().valid_from.lte(date_to_db(to)))
}

/// Closes versions as "known until now"; what they said stays. Whoever changes facts holds the group's lock, so all of them
/// are open.
///
/// # Errors
/// When one is not, a fault of ours.
pub async fn supersede<E: Versions>(work: &UnitOfWork, rows: &[Uuid], now: Timestamp) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let Columns { id, superseded_at, .. } = E::columns();
    let open = known::<E>(None).add(among::<E>(work, id, rows.iter().copied()));
    match work.update::<E>().set(superseded_at, to_db(now)).filter(open).exec().await? {
        met if met == rows.len() as u64 => Ok(()),
        met => Err(Error::internal(format!("{met} of {} versions were open", rows.len())).into()),
    }
}
