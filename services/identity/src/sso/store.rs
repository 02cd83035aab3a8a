//! Providers, and the states that were used.

use jiff::Timestamp;
use sea_orm::ColumnTrait as _;
use tally_access::OpContext;
use tally_kernel::page::Page;
use tally_store::{Conflict as _, Place, ScopedTx, StoreError, UnitOfWork, to_db, word_from_db};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::domain::{Provider, SsoError};

mod providers {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sso_providers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub name: String,
        pub issuer: String,
        pub client_id: String,
        /// With the key of states.
        pub client_secret: tally_store::Sealed<tally_store::class::Credential, (String, [u8; 32])>,
        pub claim: String,
        pub redirect_uri: String,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region });
}

mod states {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sso_states")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub expires_at: DateTimeUtc,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId });
}

pub(crate) async fn get(tx: &ScopedTx, id: Uuid) -> Result<Option<Provider>, StoreError> {
    let row = tx.select::<providers::Entity>().filter(providers::Column::Id.eq(id)).one().await?;
    match row {
        Some(row) => read(tx, row).await.map(Some),
        None => Ok(None),
    }
}

/// Providers by name.
pub(crate) async fn list(tx: &ScopedTx, page: &Page) -> Result<(Vec<Provider>, String), StoreError> {
    let (rows, next) = tx.select::<providers::Entity>().page_asc(page, [providers::Column::Name]).await?;
    let mut providers = Vec::with_capacity(rows.len());
    for row in rows {
        providers.push(read(tx, row).await?);
    }
    Ok((providers, next))
}

/// Writes a provider in place of the one that is there.
pub(crate) async fn put(work: &UnitOfWork, ctx: &OpContext, provider: &Provider) -> Result<(), StoreError> {
    remove(work, provider.id).await?;
    let place = Place::of(providers::Column::ClientSecret, provider.id);
    work.insert(providers::Model {
        tenant_id: ctx.tenant().0,
        id: provider.id,
        region: provider.region.to_string(),
        name: provider.name.as_str().to_owned(),
        issuer: provider.issuer.as_str().to_owned(),
        client_id: provider.client_id.clone(),
        client_secret: work.seal(&place, &(provider.client_secret.to_string(), *provider.state_key)).await?,
        claim: provider.claim.clone(),
        redirect_uri: provider.redirect_uri.as_str().to_owned(),
        recorded_at: to_db(ctx.now()),
    })
    .await
}

/// Takes a provider away: whether there was one.
pub(crate) async fn remove(work: &UnitOfWork, id: Uuid) -> Result<bool, StoreError> {
    let gone = work.delete::<providers::Entity>().filter(providers::Column::Id.eq(id)).exec().await?;
    Ok(gone > 0)
}

async fn read(tx: &ScopedTx, row: providers::Model) -> Result<Provider, StoreError> {
    let place = Place::of(providers::Column::ClientSecret, row.id);
    let (secret, state_key) = tx.open(&place, &row.client_secret).await?;
    Ok(Provider {
        id: row.id,
        name: row.name.parse()?,
        issuer: row.issuer.parse()?,
        client_id: row.client_id,
        client_secret: Zeroizing::new(secret),
        state_key: Zeroizing::new(state_key),
        claim: row.claim,
        redirect_uri: row.redirect_uri.parse()?,
        region: word_from_db("a region", &row.region)?,
    })
}

/// Whether a state was used.
pub(crate) async fn used(tx: &ScopedTx, id: Uuid) -> Result<bool, StoreError> {
    Ok(tx.select::<states::Entity>().filter(states::Column::Id.eq(id)).one().await?.is_some())
}

/// Uses a state up, and forgets those that are too old to be shown again.
pub(crate) async fn use_up(
    work: &UnitOfWork,
    ctx: &OpContext,
    id: Uuid,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let now = to_db(ctx.now());
    work.delete::<states::Entity>().filter(states::Column::ExpiresAt.lt(now)).exec().await?;
    let row = states::Model { tenant_id: ctx.tenant().0, id, expires_at: to_db(expires_at), recorded_at: now };
    work.insert(row).await.conflict(|| SsoError::StateRefused.into())
}
