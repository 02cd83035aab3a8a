//! The group's count of access facts.

use sea_orm::sea_query::{Expr, Query, SubQueryStatement};
use sea_orm::{ColumnTrait, ExprTrait as _};
use tally_access::OpContext;
use tally_kernel::Error;
use tally_store::{ScopedTx, StoreError, UnitOfWork, number_from_db, to_db};

mod revisions {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "access_revisions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub revision: i64,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId });
}

/// Starts the group's count at 1.
pub(crate) async fn begin(work: &UnitOfWork, ctx: &OpContext) -> Result<(), StoreError> {
    let tenant = ctx.tenant().0;
    work.insert(revisions::Model { tenant_id: tenant, id: tenant, revision: 1, recorded_at: to_db(ctx.now()) }).await
}

/// The group's revision of access facts; 0 before there is a group.
pub(crate) async fn revision(tx: &ScopedTx) -> Result<u64, StoreError> {
    let row = tx.select::<revisions::Entity>().one().await?;
    read_revision(row.map(|row| row.revision))
}

/// The same, to be read beside a row of another table with this tenant column; read with [`read_revision`].
pub(crate) fn revision_of(tenant: impl ColumnTrait) -> Expr {
    let same = Expr::col(revisions::Column::TenantId.as_column_ref()).eq(Expr::col(tenant.as_column_ref()));
    let select = Query::select().column(revisions::Column::Revision).from(revisions::Entity).and_where(same).take();
    SubQueryStatement::from(select).into()
}

pub(crate) fn read_revision(stored: Option<i64>) -> Result<u64, StoreError> {
    stored.map_or(Ok(0), |revision| Ok(number_from_db("a revision of access facts", revision)?))
}

/// Waits until nobody else changes access facts of the group, and gives the revision they stand at. Everything that
/// changes them calls this first, so that each sees what the one before wrote, and revisions follow the commits.
pub(crate) async fn hold(work: &UnitOfWork, ctx: &OpContext) -> Result<u64, StoreError> {
    work.lock("access_facts", ctx.tenant().0).await?;
    revision(work).await
}

/// Counts on from the revision that [`hold`] gave, so that every view is compiled anew: the new revision.
pub(crate) async fn advance(work: &UnitOfWork, ctx: &OpContext, held: u64) -> Result<u64, StoreError> {
    let next = i64::try_from(held + 1).map_err(|e| Error::internal(format!("access revision: {e}")))?;
    work.update::<revisions::Entity>()
        .set(revisions::Column::Revision, next)
        .set(revisions::Column::RecordedAt, to_db(ctx.now()))
        .filter(revisions::Column::Id.eq(ctx.tenant().0))
        .exec_one()
        .await?;
    Ok(held + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_revision_that_cannot_be_is_a_fault_and_not_the_first() {
        assert_eq!(read_revision(None).unwrap(), 0);
        assert_eq!(read_revision(Some(7)).unwrap(), 7);
        assert!(read_revision(Some(-1)).is_err(), "a view compiled for revision 0 would stand for ever");
    }
}
