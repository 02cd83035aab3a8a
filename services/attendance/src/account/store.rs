//! The tables `accounts` and `account_phases`.

use std::collections::{BTreeMap, BTreeSet};

use tally_access::{OpContext, Plan, Rpc};
use tally_kernel::id::{AccountId, OrgUnitId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::orm::ActiveValue::Set;
use tally_store::orm::entity::prelude::*;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, among, lost_race, number_from_db, scoped, to_db, word_from_db};

use super::domain::{Changes, Phase, ShopAccount, StoredAccount};
use crate::days::{first_from_db, first_to_db};

#[derive(Clone, Debug, PartialEq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub platform: String,
    pub store: String,
    pub name: String,
    pub key: String,
    pub zone: String,
    pub team_path: String,
    pub exclusive: bool,
    pub recorded_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });

pub(crate) mod phase {
    use super::*;

    #[derive(Clone, Debug, PartialEq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "account_phases")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub account_id: Uuid,
        pub from_date: Date,
        pub kind: String,
        pub capacity: i32,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    scoped!(Entity { tenant: TenantId, region: Region });
}

fn read_phase(row: &phase::Model) -> Result<Phase> {
    let from = first_from_db(row.from_date)?;
    let kind = word_from_db("an account's phase", &row.kind)?;
    let capacity = number_from_db("the capacity of an account", row.capacity)?;
    Ok(Phase { from, kind, capacity })
}

fn read(row: Model, phases: Vec<Phase>) -> Result<StoredAccount> {
    let account = ShopAccount {
        platform: row.platform,
        store: row.store,
        name: row.name,
        zone: row.zone,
        team_path: row.team_path,
        unit: row.unit_id.map(OrgUnitId),
        region: Some(row.region.parse().map_err(Error::internal)?),
        exclusive: row.exclusive,
        phases,
    };
    Ok(StoredAccount { id: AccountId(row.id), account })
}

async fn with_phases(tx: &ScopedTx, rows: Vec<Model>) -> Result<Vec<StoredAccount>> {
    let ids = rows.iter().map(|row| row.id);
    let phases = tx.select::<phase::Entity>().filter(among::<phase::Entity>(tx, phase::Column::AccountId, ids));
    let mut by_account: BTreeMap<Uuid, Vec<Phase>> = BTreeMap::new();
    for row in phases.order_by_asc(phase::Column::FromDate).all().await? {
        by_account.entry(row.account_id).or_default().push(read_phase(&row)?);
    }
    rows.into_iter()
        .map(|row| {
            let phases = by_account.remove(&row.id).unwrap_or_default();
            read(row, phases)
        })
        .collect()
}

/// The accounts of these keys.
pub(crate) async fn keyed(tx: &ScopedTx, keys: Vec<String>) -> Result<Vec<StoredAccount>> {
    let rows = tx.select::<Entity>().filter(Column::Key.is_in(keys)).all().await?;
    with_phases(tx, rows).await
}

/// Which of these accounts are there.
pub(crate) async fn known(tx: &ScopedTx, ids: BTreeSet<AccountId>) -> Result<BTreeSet<AccountId>> {
    let rows = tx.select::<Entity>().filter(among::<Entity>(tx, Column::Id, ids));
    let rows: Vec<(Uuid,)> = rows.rows(|q| q.column(Column::Id)).await?;
    Ok(rows.into_iter().map(|(id,)| AccountId(id)).collect())
}

/// Those of these accounts that one person at a time holds.
pub(crate) async fn exclusive(tx: &ScopedTx, ids: impl IntoIterator<Item = AccountId>) -> Result<BTreeSet<AccountId>> {
    let rows = tx.select::<Entity>().filter(among::<Entity>(tx, Column::Id, ids)).filter(Column::Exclusive.eq(true));
    let rows: Vec<(Uuid,)> = rows.rows(|q| q.column(Column::Id)).await?;
    Ok(rows.into_iter().map(|(id,)| AccountId(id)).collect())
}

/// One account, without its phases.
pub(crate) async fn one(tx: &ScopedTx, id: AccountId) -> Result<Option<StoredAccount>> {
    let row = tx.select::<Entity>().filter(Column::Id.eq(Uuid::from(id))).one().await?;
    row.map(|row| read(row, Vec::new())).transpose()
}

/// Every account of the group, without its phases.
pub(crate) async fn all(tx: &ScopedTx) -> Result<Vec<StoredAccount>> {
    tx.select::<Entity>().order_by_asc(Column::Key).all().await?.into_iter().map(|row| read(row, Vec::new())).collect()
}

/// A page of accounts by key: those that the plan reaches, and these.
pub(crate) async fn page<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    also: BTreeSet<AccountId>,
    page: &Page,
) -> Result<(Vec<StoredAccount>, String)> {
    let also = among::<Entity>(tx, Column::Id, also);
    let (rows, next) = tx.select::<Entity>().within_or(plan, also).page_asc(page, [Column::Key]).await?;
    Ok((with_phases(tx, rows).await?, next))
}

/// The accounts that the plan reaches, without their phases: these, or all.
pub(crate) async fn reached<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    only: &BTreeSet<AccountId>,
) -> Result<Vec<StoredAccount>> {
    let rows = tx.select::<Entity>().within(plan);
    let rows = if only.is_empty() { rows } else { rows.filter(among::<Entity>(tx, Column::Id, only.iter().copied())) };
    rows.order_by_asc(Column::Key).all().await?.into_iter().map(|row| read(row, Vec::new())).collect()
}

/// Writes new accounts and new phases.
pub(crate) async fn write(work: &UnitOfWork, ctx: &OpContext, changes: Changes) -> Result<()> {
    let mut phases = Vec::new();
    let mut rows = Vec::new();
    for account in changes.accounts {
        let (id, home) = (ctx.new_id(), account.home());
        for phase in &account.phases {
            phases.push(phase_row(ctx, id, home.region.as_str(), phase)?);
        }
        rows.push(ActiveModel {
            id: Set(id),
            region: Set(home.region.to_string()),
            unit_id: Set(home.unit.map(Uuid::from)),
            key: Set(account.key()),
            platform: Set(account.platform),
            store: Set(account.store),
            name: Set(account.name),
            zone: Set(account.zone),
            team_path: Set(account.team_path),
            exclusive: Set(account.exclusive),
            recorded_at: Set(to_db(ctx.now())),
            ..Default::default()
        });
    }
    for (stored, more) in changes.phases {
        let region = stored.account.home().region;
        for phase in &more {
            phases.push(phase_row(ctx, stored.id.into(), region.as_str(), phase)?);
        }
    }
    work.insert_many(rows).await.conflict(lost_race)?;
    work.insert_many(phases).await.conflict(lost_race)?;
    Ok(())
}

fn phase_row(ctx: &OpContext, account: Uuid, region: &str, phase: &Phase) -> Result<phase::ActiveModel> {
    Ok(phase::ActiveModel {
        id: Set(ctx.new_id()),
        region: Set(region.to_owned()),
        account_id: Set(account),
        from_date: Set(first_to_db(phase.from)),
        kind: Set(phase.kind.to_string()),
        capacity: Set(i32::try_from(phase.capacity).map_err(Error::internal)?),
        recorded_at: Set(to_db(ctx.now())),
        ..Default::default()
    })
}
