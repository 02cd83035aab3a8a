//! Rows of schemes and of their versions.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use tally_access::{OpContext, Plan, Region, Rpc};
use tally_kernel::id::SchemeId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, lost_race, to_db};

use tally_engine::scoring::Scheme;

pub mod head {
    use sea_orm::entity::prelude::*;

    /// A scheme: its name and the number of its newest version.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "schemes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub name: String,
        pub newest: i32,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region });
}

pub mod version {
    use sea_orm::entity::prelude::*;

    /// A version: never changed.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "scheme_versions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub scheme_id: Uuid,
        pub version: i32,
        pub body: String,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region });
}

/// Writes the next version of the scheme of this name, or its first.
pub async fn append(work: &UnitOfWork, ctx: &OpContext, mut scheme: Scheme) -> Result<(SchemeId, Scheme)> {
    let known = work.select::<head::Entity>().filter(head::Column::Name.eq(&scheme.name)).for_update().one().await?;
    let (id, newest) = known.map_or_else(|| (ctx.new_id(), 0), |head| (head.id, head.newest));
    let next = newest + 1;
    scheme.version = u32::try_from(next).map_err(Error::internal)?;
    if newest == 0 {
        let head = head::ActiveModel {
            tenant_id: NotSet,
            id: Set(id),
            region: Set(Region::GLOBAL.to_owned()),
            name: Set(scheme.name.clone()),
            newest: Set(next),
            recorded_at: Set(to_db(ctx.now())),
        };
        work.insert(head).await.conflict(lost_race)?;
    } else {
        let same = head::Column::Id.eq(id).and(head::Column::Newest.eq(newest));
        work.update::<head::Entity>().set(head::Column::Newest, next).filter(same).exec_one().await?;
    }
    let version = version::ActiveModel {
        tenant_id: NotSet,
        id: Set(ctx.new_id()),
        region: Set(Region::GLOBAL.to_owned()),
        scheme_id: Set(id),
        version: Set(next),
        body: Set(serde_json::to_string(&scheme).map_err(Error::internal)?),
        recorded_at: Set(to_db(ctx.now())),
    };
    work.insert(version).await.conflict(lost_race)?;
    Ok((SchemeId(id), scheme))
}

/// A version, or the newest for 0.
pub async fn find<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, id: SchemeId, version: u32) -> Result<Option<Scheme>> {
    let mine = tx.select::<version::Entity>().within(plan).filter(version::Column::SchemeId.eq(id.0));
    let wanted = if version == 0 { mine } else { mine.filter(version::Column::Version.eq(version)) };
    let found = wanted.order_by_desc(version::Column::Version).limit(1).one().await?;
    found.map(|row| read(&row.body)).transpose()
}

/// A version, for the service's own work.
pub async fn load(tx: &ScopedTx, id: SchemeId, version: u32) -> Result<Scheme> {
    let of_scheme = tx.select::<version::Entity>().filter(version::Column::SchemeId.eq(id.0));
    let found = of_scheme.filter(version::Column::Version.eq(version)).one().await?;
    read(&found.ok_or_else(|| Error::not_found("scheme version", format_args!("{id}/{version}")))?.body)
}

/// The number of a version that is there; 0 asks for the newest.
pub async fn newest(tx: &ScopedTx, id: SchemeId, version: u32) -> Result<u32> {
    if version > 0 {
        return load(tx, id, version).await.map(|scheme| scheme.version);
    }
    let head = tx.select::<head::Entity>().filter(head::Column::Id.eq(id.0)).one().await?;
    u32::try_from(head.ok_or_else(|| Error::not_found("scheme", id))?.newest).map_err(Error::internal)
}

/// A page of schemes by name, each with its newest version.
pub async fn page<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, page: &Page) -> Result<(Vec<(SchemeId, Scheme)>, String)> {
    let (heads, next) =
        tx.select::<head::Entity>().within(plan).page_asc(page, [head::Column::Name, head::Column::Id]).await?;
    let mut schemes = Vec::with_capacity(heads.len());
    for head in heads {
        let newest = u32::try_from(head.newest).map_err(Error::internal)?;
        schemes.push((SchemeId(head.id), load(tx, SchemeId(head.id), newest).await?));
    }
    Ok((schemes, next))
}

fn read(body: &str) -> Result<Scheme> {
    serde_json::from_str(body).map_err(Error::internal)
}
