//! Emergencies.

use jiff::Timestamp;
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait as _, ExprTrait as _};
use tally_access::OpContext;
use tally_kernel::id::{BreakGlassId, PrincipalId};
use tally_kernel::page::Page;
use tally_store::{ScopedTx, StoreError, UnitOfWork, from_db, to_db};

use super::domain::BreakGlass;

pub(crate) mod break_glasses {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "break_glasses")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub principal_id: Uuid,
        /// Names, joined by commas.
        pub permissions: String,
        pub scope: String,
        pub scope_ref: String,
        pub reason: String,
        pub ticket: String,
        pub valid_until: DateTimeUtc,
        pub ended_at: Option<DateTimeUtc>,
        pub ended_by: Option<Uuid>,
        pub reviewed_by: Option<Uuid>,
        pub reviewed_at: Option<DateTimeUtc>,
        pub finding: String,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId });
}

/// Clears what was said about emergencies of an erased person's login: how many rows.
pub(crate) async fn forget(work: &UnitOfWork, principal: PrincipalId) -> Result<u64, StoreError> {
    let mut update = work.update::<break_glasses::Entity>();
    for column in [break_glasses::Column::Reason, break_glasses::Column::Ticket, break_glasses::Column::Finding] {
        update = update.set(column, "");
    }
    update.filter(break_glasses::Column::PrincipalId.eq(principal.0)).exec().await
}

/// Writes an emergency that begins now.
pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, new: &BreakGlass) -> Result<(), StoreError> {
    work.insert(break_glasses::Model {
        tenant_id: ctx.tenant().0,
        id: new.id.0,
        principal_id: new.principal.0,
        permissions: new.permissions.join(","),
        scope: new.scope.clone(),
        scope_ref: new.scope_ref.clone(),
        reason: new.reason.clone(),
        ticket: new.ticket.clone(),
        valid_until: to_db(new.until),
        ended_at: None,
        ended_by: None,
        reviewed_by: None,
        reviewed_at: None,
        finding: String::new(),
        recorded_at: to_db(new.from),
    })
    .await
}

pub(crate) async fn get(tx: &ScopedTx, id: BreakGlassId) -> Result<Option<BreakGlass>, StoreError> {
    let row = tx.select::<break_glasses::Entity>().filter(break_glasses::Column::Id.eq(id.0)).one().await?;
    row.map(read).transpose()
}

/// Emergencies of a principal that are not over.
pub(crate) async fn open(tx: &ScopedTx, principal: PrincipalId, now: Timestamp) -> Result<Vec<BreakGlass>, StoreError> {
    let open = Condition::all()
        .add(break_glasses::Column::PrincipalId.eq(principal.0))
        .add(break_glasses::Column::EndedAt.is_null())
        .add(break_glasses::Column::ValidUntil.gt(to_db(now)));
    let rows = tx.select::<break_glasses::Entity>().filter(open).order_by_asc(break_glasses::Column::Id).all().await?;
    rows.into_iter().map(read).collect()
}

/// Ends an emergency before its time.
pub(crate) async fn end(work: &UnitOfWork, ctx: &OpContext, id: BreakGlassId) -> Result<(), StoreError> {
    work.update::<break_glasses::Entity>()
        .set(break_glasses::Column::EndedAt, to_db(ctx.now()))
        .set(break_glasses::Column::EndedBy, ctx.actor.principal.0)
        .filter(break_glasses::Column::Id.eq(id.0).and(break_glasses::Column::EndedAt.is_null()))
        .exec_one()
        .await
}

/// Writes what a review found.
pub(crate) async fn review(
    work: &UnitOfWork,
    ctx: &OpContext,
    id: BreakGlassId,
    finding: &str,
) -> Result<(), StoreError> {
    work.update::<break_glasses::Entity>()
        .set(break_glasses::Column::ReviewedBy, ctx.actor.principal.0)
        .set(break_glasses::Column::ReviewedAt, to_db(ctx.now()))
        .set(break_glasses::Column::Finding, finding)
        .filter(break_glasses::Column::Id.eq(id.0).and(break_glasses::Column::ReviewedBy.is_null()))
        .exec_one()
        .await
}

/// Emergencies of one principal or of everybody, newest first.
pub(crate) async fn list(
    tx: &ScopedTx,
    of: Option<PrincipalId>,
    page: &Page,
) -> Result<(Vec<BreakGlass>, String), StoreError> {
    let mut found = tx.select::<break_glasses::Entity>();
    if let Some(principal) = of {
        found = found.filter(break_glasses::Column::PrincipalId.eq(principal.0));
    }
    let (rows, next) = found.page_desc(page, [break_glasses::Column::RecordedAt, break_glasses::Column::Id]).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, next))
}

fn read(row: break_glasses::Model) -> Result<BreakGlass, StoreError> {
    Ok(BreakGlass {
        id: BreakGlassId(row.id),
        principal: PrincipalId(row.principal_id),
        permissions: row.permissions.split(',').map(str::to_owned).collect(),
        scope: row.scope,
        scope_ref: row.scope_ref,
        reason: row.reason,
        ticket: row.ticket,
        from: from_db(row.recorded_at)?,
        until: from_db(row.valid_until)?,
        ended_at: row.ended_at.map(from_db).transpose()?,
        review: row.reviewed_by.map(|reviewer| (PrincipalId(reviewer), row.finding)),
    })
}
