//! The table `superseded_facts`: a row has the id of the fact that it is about.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tally_access::OpContext;
use tally_kernel::Result;
use tally_kernel::id::{CorrectionId, PersonId};
use tally_store::orm::ActiveValue::Set;
use tally_store::orm::Condition;
use tally_store::orm::entity::prelude::*;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, among, lost_race, scoped, to_db};

use crate::directory::Home;
use crate::placed::{Stored, Subject, Superseded};

#[derive(Clone, Debug, PartialEq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "superseded_facts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub person_id: Uuid,
    pub subject: String,
    pub correction_id: Uuid,
    pub moved: bool,
    pub at: DateTimeUtc,
    pub until: DateTimeUtc,
    pub recorded_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, at: At });

/// Before any instant of a fact, and behind all: what has no beginning or no end stands for it in the table.
pub(crate) const EARLIEST: Timestamp = Timestamp::constant(-3_000_000_000, 0);
pub(crate) const LATEST: Timestamp = Timestamp::constant(253_402_128_000, 0);

/// Stored for whoever it is about, where that is nobody in particular: the column holds somebody.
pub(crate) const NOBODY: PersonId = PersonId(Uuid::nil());

/// Facts that count no more, by their ids.
pub(crate) type Facts = BTreeMap<Uuid, Superseded>;

/// A fact that is superseded now.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub id: Uuid,
    pub subject: Subject,
    pub home: Home,
    /// Nobody in particular for the device of a seat.
    pub person: Option<PersonId>,
    /// The first and the last instant that it is about.
    pub stretch: (Timestamp, Timestamp),
    pub by: Superseded,
}

/// What was known at an instant, by the column that says since when a row is there; everything, where no instant is given.
pub(crate) fn known_by(recorded_at: impl ColumnTrait, known: Option<Timestamp>) -> Condition {
    Condition::all().add_option(known.map(|known| recorded_at.lte(to_db(known))))
}

fn read(row: &Model) -> (Uuid, Superseded) {
    (row.id, Superseded { by: CorrectionId(row.correction_id), moved: row.moved })
}

/// Facts as they were read, with those corrections by which they count no more, as known at an instant: now, where none is given.
pub(crate) async fn marked<T>(
    tx: &ScopedTx,
    facts: impl IntoIterator<Item = Result<Stored<T>>>,
    known: Option<Timestamp>,
) -> Result<Vec<Stored<T>>> {
    let facts: Vec<Stored<T>> = facts.into_iter().collect::<Result<_>>()?;
    let rows = tx.select::<Entity>().filter(among::<Entity>(tx, Column::Id, facts.iter().map(|fact| fact.id)));
    let rows = rows.filter(known_by(Column::RecordedAt, known));
    let out = rows.all().await?.iter().map(read).collect();
    marked_by(&out, facts.into_iter().map(Ok))
}

/// The same where those that count no more are known.
pub(crate) fn marked_by<T>(out: &Facts, facts: impl IntoIterator<Item = Result<Stored<T>>>) -> Result<Vec<Stored<T>>> {
    let mark = |mut fact: Stored<T>| {
        fact.standing.superseded = out.get(&fact.id).copied();
        fact
    };
    facts.into_iter().map(|fact| fact.map(mark)).collect()
}

/// Those of a kind that touch a stretch of time, both ends included.
pub(crate) async fn touching(
    tx: &ScopedTx,
    subject: Subject,
    (from, to): (Timestamp, Timestamp),
    known: Option<Timestamp>,
) -> Result<Facts> {
    let rows = tx.select::<Entity>().filter(Column::Subject.eq(subject.to_string()));
    let rows = rows.filter(Column::At.lte(to_db(to))).filter(Column::Until.gte(to_db(from)));
    let rows = rows.filter(known_by(Column::RecordedAt, known));
    Ok(rows.all().await?.iter().map(read).collect())
}

/// From now on the fact counts no more.
pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, fact: &Fact) -> Result<()> {
    let row = ActiveModel {
        id: Set(fact.id),
        region: Set(fact.home.region.to_string()),
        unit_id: Set(fact.home.unit.map(Uuid::from)),
        person_id: Set(fact.person.unwrap_or(NOBODY).into()),
        subject: Set(fact.subject.to_string()),
        correction_id: Set(fact.by.by.into()),
        moved: Set(fact.by.moved),
        at: Set(to_db(fact.stretch.0)),
        until: Set(to_db(fact.stretch.1)),
        recorded_at: Set(to_db(ctx.now())),
        ..Default::default()
    };
    work.insert(row).await.conflict(lost_race)?;
    Ok(())
}
