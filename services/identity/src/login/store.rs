//! Second factors.

use sea_orm::ColumnTrait as _;
use tally_access::OpContext;
use tally_kernel::Error;
use tally_kernel::id::PrincipalId;
use tally_store::{Place, ScopedTx, StoreError, UnitOfWork, from_db, number_from_db, to_db};
use zeroize::Zeroizing;

use super::domain::Factor;

mod factors {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "second_factors")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub secret: tally_store::Sealed<tally_store::class::Credential, Vec<u8>>,
        pub confirmed_at: Option<DateTimeUtc>,
        pub last_step: i64,
        /// Digests of recovery codes in hexadecimal, joined by commas.
        pub recovery: String,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId });
}

/// A principal's second factor, confirmed or not.
pub(crate) async fn get(tx: &ScopedTx, principal: PrincipalId) -> Result<Option<Factor>, StoreError> {
    let row = tx.select::<factors::Entity>().filter(factors::Column::Id.eq(principal.0)).one().await?;
    let Some(row) = row else { return Ok(None) };
    let secret = tx.open(&Place::of(factors::Column::Secret, row.id), &row.secret).await?;
    let digests = row.recovery.split(',').filter(|text| !text.is_empty());
    let odd = |_| Error::internal(format!("second factor {}: a recovery code's digest", row.id));
    let digest = |text: &str| hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(());
    Ok(Some(Factor {
        principal,
        secret: Zeroizing::new(secret),
        confirmed_at: row.confirmed_at.map(from_db).transpose()?,
        last_step: number_from_db("the last step of a second factor", row.last_step)?,
        recovery: digests.map(digest).collect::<Result<_, ()>>().map_err(odd)?,
    }))
}

/// Writes a factor in place of the one that is there.
pub(crate) async fn put(work: &UnitOfWork, ctx: &OpContext, factor: &Factor) -> Result<(), StoreError> {
    remove(work, factor.principal).await?;
    let id = factor.principal.0;
    work.insert(factors::Model {
        tenant_id: ctx.tenant().0,
        id,
        secret: work.seal(&Place::of(factors::Column::Secret, id), &*factor.secret).await?,
        confirmed_at: factor.confirmed_at.map(to_db),
        last_step: i64::try_from(factor.last_step).unwrap_or(i64::MAX),
        recovery: factor.recovery.iter().map(hex::encode).collect::<Vec<_>>().join(","),
        recorded_at: to_db(ctx.now()),
    })
    .await
}

/// Takes a principal's factor away, if there is one: whether there was.
pub(crate) async fn remove(work: &UnitOfWork, principal: PrincipalId) -> Result<bool, StoreError> {
    let gone = work.delete::<factors::Entity>().filter(factors::Column::Id.eq(principal.0)).exec().await?;
    Ok(gone > 0)
}
