//! Rows of schemes, of their versions, and of what is out of use.

use jiff::civil::Date;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use tally_access::{OpContext, Owner, Plan, Region, Rpc};
use tally_kernel::id::{OrgUnitId, SchemeId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, among, lost_race, owner_from_db, to_db};

use super::domain::{Parent, SchemeError, Version, Withdrawal, withdrawal_of};
use tally_engine::scoring::Scheme;

pub mod head {
    use sea_orm::entity::prelude::*;

    /// A scheme: its name and the number of its newest version, which may refine one of another scheme.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "schemes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Option<Uuid>,
        pub name: String,
        pub newest: i32,
        pub parent_id: Option<Uuid>,
        pub mandatory: Option<bool>,
        pub origin: Option<String>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });
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
        pub unit_id: Option<Uuid>,
        pub scheme_id: Uuid,
        pub version: i32,
        pub body: String,
        pub parent_id: Option<Uuid>,
        pub parent_version: Option<i32>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });
}

pub mod withdrawal {
    use sea_orm::entity::prelude::*;

    /// That a version, or all of a scheme (version 0), is out of use from a day on: never changed.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "scheme_withdrawals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Option<Uuid>,
        pub scheme_id: Uuid,
        pub version: i32,
        pub day: String,
        pub reason: String,
        pub superseded_by: Option<i32>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });
}

/// A scheme as far as its head tells.
#[derive(Clone, Debug)]
pub struct Head {
    pub id: SchemeId,
    pub owner: Owner,
    pub name: String,
    pub newest: u32,
    pub origin: Option<Region>,
}

impl TryFrom<head::Model> for Head {
    type Error = Error;
    fn try_from(row: head::Model) -> Result<Self> {
        Ok(Self {
            id: SchemeId(row.id),
            owner: owner_from_db(&row.region, row.unit_id)?,
            name: row.name,
            newest: number(row.newest)?,
            origin: row.origin.map(|origin| origin.parse()).transpose().map_err(Error::internal)?,
        })
    }
}

/// The scheme of this name that an owner has; nobody else writes one until the unit ends.
pub async fn lock_named(work: &UnitOfWork, owner: &Owner, name: &str) -> Result<Option<Head>> {
    let unit = owner.unit().map(Uuid::from);
    let mine = unit.map_or_else(|| head::Column::UnitId.is_null(), |unit| head::Column::UnitId.eq(unit));
    let found = work.select::<head::Entity>().filter(mine.and(head::Column::Name.eq(name)));
    found.for_update().one().await?.map(Head::try_from).transpose()
}

/// A scheme, for its own steps: nobody else changes it until the unit ends.
pub async fn lock(work: &UnitOfWork, id: SchemeId) -> Result<Head> {
    lock_if_there(work, id).await?.ok_or_else(|| Error::not_found("scheme", id))
}

/// The same where it is there.
pub async fn lock_if_there(work: &UnitOfWork, id: SchemeId) -> Result<Option<Head>> {
    let found = work.select::<head::Entity>().filter(head::Column::Id.eq(id.0)).for_update().one().await?;
    found.map(Head::try_from).transpose()
}

/// Writes a version, the first of its scheme or the next one.
pub async fn append(work: &UnitOfWork, ctx: &OpContext, version: &Version) -> Result<()> {
    let (region, unit) = (version.owner.region().to_string(), version.owner.unit().map(Uuid::from));
    let (scheme, parent) = (&version.scheme, version.parent.map(|parent| parent.scheme.0));
    let mandatory = scheme.bounds.as_ref().is_some_and(|bounds| bounds.mandatory);
    let next = int(scheme.version)?;
    if next == 1 {
        let head = head::ActiveModel {
            tenant_id: NotSet,
            id: Set(version.id.0),
            region: Set(region.clone()),
            unit_id: Set(unit),
            name: Set(scheme.name.clone()),
            newest: Set(next),
            parent_id: Set(parent),
            mandatory: Set(Some(mandatory)),
            origin: Set(version.origin.as_ref().map(ToString::to_string)),
            recorded_at: Set(to_db(ctx.now())),
        };
        work.insert(head).await.conflict(lost_race)?;
    } else {
        let before = head::Column::Id.eq(version.id.0).and(head::Column::Newest.eq(next - 1));
        let head = work.update::<head::Entity>().set(head::Column::Newest, next);
        let head = head.set(head::Column::ParentId, parent).set(head::Column::Mandatory, mandatory);
        head.filter(before).exec_one().await?;
    }
    let row = version::ActiveModel {
        tenant_id: NotSet,
        id: Set(ctx.new_id()),
        region: Set(region),
        unit_id: Set(unit),
        scheme_id: Set(version.id.0),
        version: Set(next),
        body: Set(serde_json::to_string(scheme).map_err(Error::internal)?),
        parent_id: Set(parent),
        parent_version: Set(version.parent.map(|parent| int(parent.version)).transpose()?),
        recorded_at: Set(to_db(ctx.now())),
    };
    work.insert(row).await.conflict(lost_race)?;
    Ok(())
}

/// Takes a version, or all of a scheme, out of use.
pub async fn withdraw(work: &UnitOfWork, ctx: &OpContext, head: &Head, withdrawal: &Withdrawal) -> Result<()> {
    let row = withdrawal::ActiveModel {
        tenant_id: NotSet,
        id: Set(ctx.new_id()),
        region: Set(head.owner.region().to_string()),
        unit_id: Set(head.owner.unit().map(Uuid::from)),
        scheme_id: Set(head.id.0),
        version: Set(int(withdrawal.version)?),
        day: Set(withdrawal.from.to_string()),
        reason: Set(withdrawal.reason.clone()),
        superseded_by: Set(withdrawal.superseded_by.map(int).transpose()?),
        recorded_at: Set(to_db(ctx.now())),
    };
    work.insert(row).await.conflict(|| SchemeError::WithdrawnAlready(withdrawal.from).into())?;
    Ok(())
}

/// A version that a plan reaches, or the newest for 0.
pub async fn find<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, id: SchemeId, version: u32) -> Result<Option<Version>> {
    let reached = tx.select::<head::Entity>().within(plan).filter(head::Column::Id.eq(id.0)).one().await?;
    if reached.is_some() { version_of(tx, id, version).await } else { Ok(None) }
}

/// A version, or the newest for 0, for the service's own work.
pub async fn version_of(tx: &ScopedTx, id: SchemeId, version: u32) -> Result<Option<Version>> {
    let Some(head) = tx.select::<head::Entity>().filter(head::Column::Id.eq(id.0)).one().await? else {
        return Ok(None);
    };
    // A number beyond those that a version can have is that of none.
    let Ok(asked) = i32::try_from(version) else { return Ok(None) };
    let wanted = if asked == 0 { head.newest } else { asked };
    let same = version::Column::SchemeId.eq(id.0).and(version::Column::Version.eq(wanted));
    let Some(row) = tx.select::<version::Entity>().filter(same).one().await? else { return Ok(None) };
    let withdrawal = withdrawal_of(number(wanted)?, &withdrawals(tx, id).await?);
    assemble(head.try_into()?, row, withdrawal).map(Some)
}

fn assemble(head: Head, row: version::Model, withdrawal: Option<Withdrawal>) -> Result<Version> {
    let parent = row
        .parent_id
        .zip(row.parent_version)
        .map(|(id, version)| number(version).map(|version| Parent { scheme: SchemeId(id), version }));
    let (id, owner, origin) = (head.id, head.owner, head.origin);
    Ok(Version { id, owner, origin, scheme: read(&row.body)?, parent: parent.transpose()?, withdrawal })
}

/// All versions of a scheme, from the first to the newest.
pub async fn versions(tx: &ScopedTx, id: SchemeId) -> Result<Vec<Scheme>> {
    let of = tx.select::<version::Entity>().filter(version::Column::SchemeId.eq(id.0));
    let rows = of.order_by_asc(version::Column::Version).all().await?;
    rows.iter().map(|row| read(&row.body)).collect()
}

/// Every version of every scheme that is not out of use on a day.
pub async fn in_use(tx: &ScopedTx, day: Date) -> Result<Vec<Scheme>> {
    let out = tx.select::<withdrawal::Entity>().filter(withdrawal::Column::Day.lte(day.to_string())).all().await?;
    let is_out = |row: &version::Model| {
        out.iter().any(|of| of.scheme_id == row.scheme_id && [0, row.version].contains(&of.version))
    };
    let rows = tx.select::<version::Entity>().all().await?;
    rows.iter().filter(|row| !is_out(row)).map(|row| read(&row.body)).collect()
}

/// What is out of use of a scheme.
pub async fn withdrawals(tx: &ScopedTx, id: SchemeId) -> Result<Vec<Withdrawal>> {
    let of = tx.select::<withdrawal::Entity>().filter(withdrawal::Column::SchemeId.eq(id.0));
    let rows = of.order_by_asc(withdrawal::Column::Version).all().await?;
    let withdrawal = |row: withdrawal::Model| {
        Ok(Withdrawal {
            version: number(row.version)?,
            from: row.day.parse().map_err(Error::internal)?,
            reason: row.reason,
            superseded_by: row.superseded_by.map(number).transpose()?,
        })
    };
    rows.into_iter().map(withdrawal).collect()
}

/// The version that a refinement names, and all that this one refines in turn: the nearest first.
pub async fn above(tx: &ScopedTx, parent: Parent) -> Result<Vec<Version>> {
    let (mut above, mut next) = (Vec::new(), Some(parent));
    while let Some(Parent { scheme, version }) = next {
        let found = version_of(tx, scheme, version).await?;
        let found = found.ok_or_else(|| Error::not_found("scheme version", format_args!("{scheme}/{version}")))?;
        next = found.parent;
        above.push(found);
    }
    Ok(above)
}

/// The schemes of the group and of these units whose newest version is mandatory below.
pub async fn mandatory(tx: &ScopedTx, units: &[OrgUnitId]) -> Result<Vec<Head>> {
    let units = units.iter().map(|unit| unit.0);
    let of_units = among::<head::Entity>(tx, head::Column::UnitId, units);
    let above = sea_orm::Condition::any().add(head::Column::UnitId.is_null()).add(of_units);
    let found = tx.select::<head::Entity>().filter(above).filter(head::Column::Mandatory.eq(true));
    found.order_by_asc(head::Column::Name).all().await?.into_iter().map(Head::try_from).collect()
}

/// A page of the schemes whose newest version refines one of this scheme, by name.
pub async fn refinements<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    parent: SchemeId,
    page: &Page,
) -> Result<(Vec<Version>, String)> {
    let of = tx.select::<head::Entity>().within(plan).filter(head::Column::ParentId.eq(parent.0));
    let (heads, next) = of.page_asc(page, [head::Column::Name, head::Column::Id]).await?;
    Ok((newest_of(tx, heads).await?, next))
}

/// A page of schemes by name, each with its newest version.
pub async fn page<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, page: &Page) -> Result<(Vec<Version>, String)> {
    let (heads, next) =
        tx.select::<head::Entity>().within(plan).page_asc(page, [head::Column::Name, head::Column::Id]).await?;
    Ok((newest_of(tx, heads).await?, next))
}

async fn newest_of(tx: &ScopedTx, heads: Vec<head::Model>) -> Result<Vec<Version>> {
    let mut versions = Vec::with_capacity(heads.len());
    for head in heads {
        versions.extend(version_of(tx, SchemeId(head.id), 0).await?);
    }
    Ok(versions)
}

/// A version, for the service's own work.
pub async fn load(tx: &ScopedTx, id: SchemeId, version: u32) -> Result<Scheme> {
    let of_scheme = tx.select::<version::Entity>().filter(version::Column::SchemeId.eq(id.0));
    let found = of_scheme.filter(version::Column::Version.eq(version)).one().await?;
    read(&found.ok_or_else(|| Error::not_found("scheme version", format_args!("{id}/{version}")))?.body)
}

fn number(stored: i32) -> Result<u32> {
    u32::try_from(stored).map_err(Error::internal)
}

fn int(number: u32) -> Result<i32> {
    i32::try_from(number).map_err(Error::internal)
}

fn read(body: &str) -> Result<Scheme> {
    serde_json::from_str(body).map_err(Error::internal)
}
