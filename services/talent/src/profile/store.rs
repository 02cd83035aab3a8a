//! The evidence table.

use jiff::Timestamp;
use sea_orm::Set;
use tally_access::{OpContext, Plan, Rpc};
use tally_app::directory::People;
use tally_app::trees::Trees;
use tally_kernel::Result;
use tally_kernel::id::{CycleId, EvidenceId, PersonId, SchemeId};
use tally_kernel::page::Page;
use tally_store::orm::prelude::*;
use tally_store::{ReadTx, ScopedTx, UnitOfWork, date_from_db, date_to_db, from_db, to_db, word_from_db};

use super::domain::{Finding, Kept};
use crate::published::Published;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "evidence")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub person_id: Uuid,
    pub cycle_id: Uuid,
    pub kind: String,
    pub subject: String,
    pub value_micro: i64,
    pub recorded_at: DateTimeUtc,
    pub last_day: Option<Date>,
    pub scheme_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, day: LastDay });

/// A stored piece of evidence.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub id: EvidenceId,
    pub person: PersonId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    pub kept: Kept,
}

/// All evidence of a person that the caller reaches, in the order in which it was recorded.
pub(crate) async fn of_person<R: Rpc>(tx: &ReadTx, plan: &Plan<R>, person: PersonId) -> Result<Vec<Kept>> {
    let rows = tx
        .select::<Entity>()
        .within(plan)
        .filter(Column::PersonId.eq(person.0))
        .order_by_asc(Column::RecordedAt)
        .order_by_asc(Column::Id)
        .all()
        .await?;
    rows.into_iter().map(|row| Ok(read(row)?.kept)).collect()
}

/// How many pieces of evidence there are of a person, whoever reaches them.
pub(crate) async fn count_of(tx: &ScopedTx, person: PersonId) -> Result<usize> {
    let all = tx.select::<Entity>().filter(Column::PersonId.eq(person.0));
    Ok(all.rows::<(Uuid,)>(|q| q.column(Column::Id)).await?.len())
}

/// A page of a person's evidence, newest first.
pub(crate) async fn page<R: Rpc>(
    tx: &ReadTx,
    plan: &Plan<R>,
    person: PersonId,
    page: &Page,
) -> Result<(Vec<Evidence>, String)> {
    let select = tx.select::<Entity>().within(plan).filter(Column::PersonId.eq(person.0));
    let (rows, token) = select.page_desc(page, [Column::RecordedAt, Column::Id]).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_>>()?, token))
}

/// Writes what a cycle shows, in place of what an earlier version of its result showed: each piece where the person belonged on the last day of the cycle; of whoever left before it where the person counts. People whom
/// identity no longer knows are kept without a unit, in no region but the group's.
pub(crate) async fn insert(
    work: &UnitOfWork,
    ctx: &OpContext,
    (people, trees): (&People, &Trees),
    published: &Published,
    findings: &[Finding],
) -> Result<()> {
    let rows = findings.iter().map(|finding| {
        let home = people.get(finding.person).and_then(|person| person.home(published.last_day));
        ActiveModel {
            id: Set(ctx.new_id()),
            region: Set(home.map_or_else(|| "*".to_owned(), |home| home.region.to_string())),
            unit_id: Set(home.map(|home| trees.counted(home, published.last_day).0)),
            person_id: Set(finding.person.0),
            cycle_id: Set(published.cycle.0),
            kind: Set(finding.kind.to_string()),
            subject: Set(finding.subject.clone()),
            value_micro: Set(finding.value.millionths()),
            recorded_at: Set(to_db(ctx.now())),
            last_day: Set(Some(date_to_db(published.last_day))),
            scheme_id: Set(Some(published.scheme.0)),
            ..Default::default()
        }
    });
    let rows: Vec<ActiveModel> = rows.collect();
    work.delete::<Entity>().filter(Column::CycleId.eq(published.cycle.0)).exec().await?;
    work.insert_many(rows).await?;
    Ok(())
}

fn read(row: Model) -> Result<Evidence> {
    let kind = word_from_db("the kind of a piece of evidence", &row.kind)?;
    Ok(Evidence {
        id: EvidenceId(row.id),
        person: PersonId(row.person_id),
        recorded_at: from_db(row.recorded_at)?,
        kept: Kept {
            cycle: CycleId(row.cycle_id),
            last_day: row.last_day.map(date_from_db).transpose()?,
            scheme: row.scheme_id.map(SchemeId),
            kind,
            subject: row.subject,
            value: tally_kernel::micro::Micro::from_millionths(row.value_micro),
        },
    })
}
