//! Rows that a run keeps between its steps: frozen inputs, accounts' figures, people's sums.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait as _, IntoActiveModel as _};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tally_access::OpContext;
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::{Error, Result};
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, among, bytes_from_db, lost_race, to_db};

use super::counted;
use crate::columns::write;
use tally_engine::closing::collect::Sums;
use tally_engine::closing::credit::Figures;
use tally_engine::closing::snapshot::{Frozen, FrozenAccount};

pub(crate) mod frozen {
    use futures::future::FutureExt as _;
    use sea_orm::entity::prelude::*;
    use tally_kernel::Error;
    use tally_privacy::{ExportCells, Exported, plain};
    use tally_store::ScopedTx;

    /// All that one component needs.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "frozen_inputs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub run_id: Uuid,
        pub ordinal: i32,
        #[serde(skip)]
        pub body: Vec<u8>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId });

    impl Exported for Entity {
        // A component may hold a group's whole month.
        const AT_ONCE: u64 = 1;

        fn tell<'t>(_: &'t ScopedTx, row: &'t Model, _: bool) -> ExportCells<'t> {
            async move {
                let mut told = plain(row)?;
                told.insert("body".to_owned(), serde_json::from_slice(&row.body).map_err(Error::internal)?);
                Ok(told)
            }
            .boxed()
        }
    }
}

/// How an account's records were credited.
pub mod account {
    use sea_orm::entity::prelude::*;
    use tally_engine::attribution::Worth;
    use tally_engine::closing::credit::Figures;
    use tally_kernel::Result;

    /// One account of a run.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "account_results")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Option<Uuid>,
        pub run_id: Uuid,
        pub account_id: Uuid,
        pub account_key: String,
        pub component: i32,
        pub figures: String,
        #[serde(skip)]
        pub digest: Vec<u8>,
        pub recorded_at: DateTimeUtc,
        #[serde(skip)]
        pub contents: Option<Vec<u8>>,
        pub credits_run_id: Option<Uuid>,
    }

    impl Model {
        /// The run that its credits are kept under: another one where they were taken over.
        pub fn credits_run(&self) -> Uuid {
            self.credits_run_id.unwrap_or(self.run_id)
        }

        /// What more evidence would bring.
        pub fn worth(&self) -> Result<Option<Worth>> {
            Ok(super::read::<Figures>(self.figures.as_bytes())?.worth)
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });
}

pub(crate) mod sums {
    use sea_orm::entity::prelude::*;

    /// What one person's shares add up to.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "person_sums")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub run_id: Uuid,
        pub person_id: Uuid,
        pub component: i32,
        pub body: String,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, person: PersonId });
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(Error::internal)
}

/// Writes the components of a run.
pub async fn snapshot(work: &UnitOfWork, ctx: &OpContext, run: Uuid, components: &[Frozen]) -> Result<()> {
    for (ordinal, component) in (0..).zip(components) {
        let row = frozen::ActiveModel {
            tenant_id: NotSet,
            id: Set(ctx.new_id()),
            run_id: Set(run),
            ordinal: Set(ordinal),
            body: Set(serde_json::to_vec(component).map_err(Error::internal)?),
            recorded_at: Set(to_db(ctx.now())),
        };
        work.insert(row).await.conflict(lost_race)?;
    }
    Ok(())
}

/// One component of a run.
pub async fn component(tx: &ScopedTx, run: Uuid, ordinal: i32) -> Result<Frozen> {
    let same = frozen::Column::RunId.eq(run).and(frozen::Column::Ordinal.eq(ordinal));
    let found = tx.select::<frozen::Entity>().filter(same).one().await?;
    read(&found.ok_or_else(|| Error::not_found("component", ordinal))?.body)
}

#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// How its records were credited.
    pub figures: Figures,
    /// Digest of its credits.
    pub digest: [u8; 32],
    /// Digest of its records' contents; nothing of the time before it was kept.
    pub contents: Option<[u8; 32]>,
    /// The run that its credits are kept under.
    pub credits: Uuid,
}

/// What a run came to: as it is kept, or as it was derived again.
#[derive(Clone, Debug)]
pub struct CameTo {
    /// The outcome of every account, by key.
    pub outcomes: Vec<(String, RunOutcome)>,
    /// What the shares of every person add up to.
    pub people: Vec<(PersonId, Sums)>,
}

impl CameTo {
    /// As it is kept.
    pub async fn kept(tx: &ScopedTx, run: Uuid) -> Result<Self> {
        Ok(Self { outcomes: outcomes(tx, run).await?, people: sums_of_people(tx, run).await? })
    }
}

/// Writes the outcome of accounts of a component.
pub async fn put_outcomes(
    work: &UnitOfWork,
    ctx: &OpContext,
    run: Uuid,
    component: i32,
    outcomes: &[(&FrozenAccount, RunOutcome)],
) -> Result<()> {
    let mut rows = Vec::with_capacity(outcomes.len());
    for (account, outcome) in outcomes {
        rows.push(account::ActiveModel {
            tenant_id: NotSet,
            id: Set(ctx.new_id()),
            region: Set(account.region.as_str().to_owned()),
            unit_id: Set(account.unit.map(Uuid::from)),
            run_id: Set(run),
            account_id: Set(account.id.0),
            account_key: Set(account.key.clone()),
            component: Set(component),
            figures: Set(write(&outcome.figures)?),
            digest: Set(outcome.digest.to_vec()),
            contents: Set(outcome.contents.map(|contents| contents.to_vec())),
            credits_run_id: Set((outcome.credits != run).then_some(outcome.credits)),
            recorded_at: Set(to_db(ctx.now())),
        });
    }
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}

/// The accounts of a run, by component and key.
pub async fn accounts(tx: &ScopedTx, run: Uuid) -> Result<Vec<account::Model>> {
    let mut rows = tx.select::<account::Entity>().filter(account::Column::RunId.eq(run)).all().await?;
    rows.sort_by(|a, b| (a.component, &a.account_key).cmp(&(b.component, &b.account_key)));
    Ok(rows)
}

/// Which of these accounts are in which of these runs.
pub async fn with_accounts(
    tx: &ScopedTx,
    runs: BTreeSet<Uuid>,
    accounts: &BTreeSet<AccountId>,
) -> Result<HashMap<Uuid, BTreeSet<AccountId>>> {
    let mine = tx.select::<account::Entity>().filter(among::<account::Entity>(tx, account::Column::RunId, runs));
    let mine = mine.filter(among::<account::Entity>(tx, account::Column::AccountId, accounts.iter().copied()));
    let found: Vec<(Uuid, Uuid)> =
        mine.rows(|rows| rows.column(account::Column::RunId).column(account::Column::AccountId)).await?;
    let mut by_run: HashMap<Uuid, BTreeSet<AccountId>> = HashMap::new();
    for (run, account) in found {
        by_run.entry(run).or_default().insert(AccountId(account));
    }
    Ok(by_run)
}

/// The outcome of every account of a run, by key.
pub async fn outcomes(tx: &ScopedTx, run: Uuid) -> Result<Vec<(String, RunOutcome)>> {
    let mut rows = tx.select::<account::Entity>().filter(account::Column::RunId.eq(run)).all().await?;
    // By bytes, whatever the database thinks of letters.
    rows.sort_by(|a, b| a.account_key.cmp(&b.account_key));
    let outcome = |row: account::Model| {
        let credits = row.credits_run();
        let digest = bytes_from_db("the digest of an account's credits", &row.digest)?;
        let contents =
            row.contents.map(|bytes| bytes_from_db("the digest of an account's records", &bytes)).transpose()?;
        Ok((row.account_key, RunOutcome { figures: read(row.figures.as_bytes())?, digest, contents, credits }))
    };
    rows.into_iter().map(outcome).collect()
}

/// Where components of a run that are as they were stand in a run that takes them over: its ordinals by those of the run before.
pub type TakenOver = HashMap<i32, i32>;

/// Takes over what components of another run came to; their credits stay where they are.
pub async fn take_over(work: &UnitOfWork, ctx: &OpContext, from: Uuid, to: Uuid, taken: &TakenOver) -> Result<()> {
    let mut rows = Vec::new();
    for row in accounts(work, from).await? {
        let Some(component) = taken.get(&row.component) else { continue };
        let credits = row.credits_run();
        let fresh = account::Model { id: ctx.new_id(), run_id: to, component: *component, ..row };
        rows.push(account::Model { credits_run_id: Some(credits), recorded_at: to_db(ctx.now()), ..fresh });
    }
    work.insert_many(rows.into_iter().map(account::Model::into_active_model)).await.conflict(lost_race)?;
    let mut people = Vec::new();
    for row in work.select::<sums::Entity>().filter(sums::Column::RunId.eq(from)).all().await? {
        let Some(component) = taken.get(&row.component) else { continue };
        let fresh = sums::Model { id: ctx.new_id(), run_id: to, component: *component, ..row };
        people.push(sums::Model { recorded_at: to_db(ctx.now()), ..fresh });
    }
    work.insert_many(people.into_iter().map(sums::Model::into_active_model)).await.conflict(lost_race)?;
    Ok(())
}

/// The components of a run as they are kept, by ordinal.
pub async fn bodies(tx: &ScopedTx, run: Uuid) -> Result<Vec<(Vec<u8>, i32)>> {
    let rows = tx.select::<frozen::Entity>().filter(frozen::Column::RunId.eq(run)).all().await?;
    Ok(rows.into_iter().map(|row| (row.body, row.ordinal)).collect())
}

/// Writes what people's shares add up to.
pub async fn put_sums(
    work: &UnitOfWork,
    ctx: &OpContext,
    run: Uuid,
    component: i32,
    people: &[(PersonId, Sums)],
) -> Result<()> {
    let mut rows = Vec::with_capacity(people.len());
    for (person, sums) in people {
        rows.push(sums::ActiveModel {
            tenant_id: NotSet,
            id: Set(ctx.new_id()),
            run_id: Set(run),
            person_id: Set(person.0),
            component: Set(component),
            body: Set(write(sums)?),
            recorded_at: Set(to_db(ctx.now())),
        });
    }
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}

/// What the shares of every person of a run add up to.
pub async fn sums_of_people(tx: &ScopedTx, run: Uuid) -> Result<Vec<(PersonId, Sums)>> {
    let rows = tx.select::<sums::Entity>().filter(sums::Column::RunId.eq(run)).all().await?;
    rows.into_iter().map(|row| Ok((PersonId(row.person_id), read(row.body.as_bytes())?))).collect()
}

/// The same as they are kept, whether they can be read or not.
pub async fn sums_as_kept(tx: &ScopedTx, run: Uuid) -> Result<BTreeMap<PersonId, String>> {
    let rows = tx.select::<sums::Entity>().filter(sums::Column::RunId.eq(run)).all().await?;
    Ok(rows.into_iter().map(|row| (PersonId(row.person_id), row.body)).collect())
}

/// Every component that is kept, of all runs.
pub async fn all_frozen(tx: &ScopedTx) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid, i32)> =
        tx.select::<frozen::Entity>().rows(|q| q.column(frozen::Column::Id).column(frozen::Column::Ordinal)).await?;
    Ok(rows.into_iter().map(|(id, _)| id).collect())
}

/// A component by its row, if the text is in it: most are not read any further.
pub async fn frozen_with(tx: &ScopedTx, id: Uuid, text: &str) -> Result<Option<Frozen>> {
    let found = tx.select::<frozen::Entity>().filter(frozen::Column::Id.eq(id)).one().await?;
    let found = found.filter(|row| row.body.windows(text.len()).any(|part| part == text.as_bytes()));
    found.map(|row| read(&row.body)).transpose()
}

/// Writes a component in place of what it was.
pub async fn put_frozen(work: &UnitOfWork, id: Uuid, component: &Frozen) -> Result<()> {
    let body = serde_json::to_vec(component).map_err(Error::internal)?;
    let update = work.update::<frozen::Entity>().set(frozen::Column::Body, body);
    Ok(update.filter(frozen::Column::Id.eq(id)).exec_one().await?)
}

/// Throws away what the steps of a run kept.
pub async fn discard(work: &UnitOfWork, run: Uuid) -> Result<()> {
    work.delete::<frozen::Entity>().filter(frozen::Column::RunId.eq(run)).exec().await?;
    work.delete::<account::Entity>().filter(account::Column::RunId.eq(run)).exec().await?;
    work.delete::<sums::Entity>().filter(sums::Column::RunId.eq(run)).exec().await?;
    counted::discard(work, run).await
}

/// How many components a run has.
pub async fn components(tx: &ScopedTx, run: Uuid) -> Result<i32> {
    let n = tx.select::<frozen::Entity>().filter(frozen::Column::RunId.eq(run)).count().await?;
    i32::try_from(n).map_err(Error::internal)
}

/// Removes what a component's attempt that died left behind.
pub async fn clear_component(work: &UnitOfWork, run: Uuid, component: i32) -> Result<()> {
    let accounts = account::Column::RunId.eq(run).and(account::Column::Component.eq(component));
    work.delete::<account::Entity>().filter(accounts).exec().await?;
    let people = sums::Column::RunId.eq(run).and(sums::Column::Component.eq(component));
    work.delete::<sums::Entity>().filter(people).exec().await?;
    Ok(())
}
