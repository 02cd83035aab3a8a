//! Pages of a list of a million rows under scopes of different width, on PostgreSQL: the table `punches` of attendance as
//! its migrations make it, entered with the service's own role, under row-level security.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use sea_orm::{ConnectionTrait as _, Database};
use serde::{Deserialize, Serialize};
use tally_access::{Actor, ActorKind, OpContext, Permission, Reach, View};
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId, TenantId};
use tally_kernel::page::Page;
use tally_kernel::{Clock, Rng};
use tally_store::{Keys, Store, StoreConfig, from_db};
use uuid::Uuid;

use crate::dice::Dice;

/// Rows of the table.
pub const ROWS: usize = 1_000_000;
/// Units that they are of.
const UNITS: u128 = 10_000;
/// People that they are about.
const PEOPLE: u128 = 100_000;
/// Rows of a page.
const PAGE: u32 = 50;
/// Seconds from the first row to the last.
const SPAN: usize = 30 * 24 * 3600;
/// The first row's, seconds since 1970.
const BEGIN: i64 = 1_772_294_400;

pub mod punch {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "punches")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Option<Uuid>,
        pub person_id: Uuid,
        pub at: DateTimeUtc,
        pub kind: String,
        pub verdict: String,
        pub device_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId });
}

pub mod policy {
    tally_access::rpcs! {
        ListPunches = "tally.attendance.v1.PunchService/ListPunches", PunchRead, Read;
    }
}

/// What was measured under one scope.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pages {
    /// The scope.
    pub scope: String,
    /// Rows that it reaches.
    pub rows: u64,
    /// Milliseconds of half of the pages at most.
    pub p50_ms: f64,
    /// Milliseconds of all but five in a hundred at most.
    pub p95_ms: f64,
}

/// Reads so many pages under each scope, by turns. `url` is the owner's. Fills the table when it is empty.
#[tokio::main]
pub async fn measure(url: &str, pages: usize) -> Result<String> {
    let store = open(url).await?;
    let scopes = scopes()?;
    let mut times = vec![Vec::with_capacity(pages); scopes.len()];
    let mut dice = Dice::new(11);
    for _ in 0..pages {
        let before = somewhen(&mut dice);
        for ((_, ctx), times) in scopes.iter().zip(&mut times) {
            let begin = Instant::now();
            let rows = page(&store, ctx, before).await?;
            times.push(begin.elapsed().as_secs_f64() * 1e3);
            check(ctx, &rows)?;
        }
    }
    let mut all = Vec::new();
    for ((scope, ctx), mut times) in scopes.into_iter().zip(times) {
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or(f64::NAN);
        let plan = ctx.plan::<policy::ListPunches>()?;
        let rows = store.read(&ctx).await?.select::<punch::Entity>().within(&plan).count().await;
        let rows = rows.map_err(tally_kernel::Error::from)?;
        all.push(Pages { scope, rows, p50_ms: at(50), p95_ms: at(95) });
    }
    Ok(serde_json::to_string(&all)?)
}

/// The store of the table, filled.
pub async fn open(url: &str) -> Result<Store> {
    Store::migrate(url, tally_attendance::SERVICE, None, tally_attendance::migrations).await?;
    fill(url).await?;
    let role = url.replace("postgres@", "tally_{service}@");
    let config = StoreConfig::new(role, tally_attendance::SERVICE, Keys::ephemeral());
    Ok(Store::open(config, tally_attendance::migrations).await?)
}

/// An instant in the last nine tenths: every scope has a full page before it.
pub fn somewhen(dice: &mut Dice) -> i64 {
    BEGIN + (SPAN / 10 + dice.below(SPAN * 9 / 10)) as i64
}

fn tenant() -> TenantId {
    TenantId(Uuid::from_u128(1))
}

fn unit(n: u128) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(2 << 64 | n))
}

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(3 << 64 | n))
}

/// Puts the rows down as the owner, whom row-level security does not hold back: what is measured is reading.
async fn fill(url: &str) -> Result<()> {
    let owner = Database::connect(url).await?;
    let done = owner.query_one_raw(sea_orm::Statement::from_string(
        sea_orm::DbBackend::Postgres,
        "SELECT EXISTS (SELECT 1 FROM attendance.punches)",
    ));
    if done.await?.is_some_and(|row| row.try_get_by_index::<bool>(0).unwrap_or_default()) {
        return Ok(());
    }
    let id = |kind: u32, n: &str| format!("('0000000000000{kind:03}' || lpad(to_hex({n}), 16, '0'))::uuid");
    let (unit, person) = (id(2, &format!("p % {UNITS}")), id(3, "p"));
    let rows = format!(
        "INSERT INTO attendance.punches (tenant_id, id, region, unit_id, person_id, at, kind, verdict, recorded_at, audit_id) \
         SELECT '{}', gen_random_uuid(), (ARRAY['cn-north', 'cn-east', 'sg'])[p % {UNITS} % 3 + 1], {unit}, {person}, at, \
         CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END, 'not_judged', at, gen_random_uuid() \
         FROM (SELECT n, (n::bigint * 7919) % {PEOPLE} AS p, to_timestamp({BEGIN} + n::float8 * {SPAN} / {ROWS}) AS at \
         FROM generate_series(0, {} - 1) AS n) AS rows",
        tenant().0,
        ROWS,
    );
    owner.execute_unprepared(&rows).await?;
    owner.execute_unprepared("VACUUM ANALYZE attendance.punches").await?;
    Ok(())
}

/// Scopes from the widest to the narrowest, each as the context of somebody who holds it.
pub fn scopes() -> Result<Vec<(String, OpContext)>> {
    let units = |ids: Vec<u128>| Reach { units: ids.into_iter().map(unit).collect(), ..Reach::default() };
    let scopes = [
        ("the group", Reach::everything()),
        ("a region", Reach { regions: ["cn-north".parse()?].into(), ..Reach::default() }),
        ("a subtree of 1,111 units", units((0..1_111).map(|n| n * 9).collect())),
        ("a subtree of 300 units", units((0..300).map(|n| n * 31).collect())),
        ("one unit", units(vec![4_711])),
        ("oneself", Reach { persons: [person(4_711)].into_iter().collect(), ..Reach::default() }),
    ];
    let context = |reach: Reach| {
        let actor = Actor {
            principal: PrincipalId(Uuid::from_u128(1)),
            kind: ActorKind::User,
            tenant: tenant(),
            on_behalf_of: None,
        };
        let view = View::new(1, None, [(Permission::PunchRead, Arc::new(reach))]);
        OpContext::new(actor, Arc::new(view), Clock::System, Rng::System)
    };
    Ok(scopes.into_iter().map(|(name, reach)| (name.to_owned(), context(reach))).collect())
}

/// Reads a page of what was before an instant, newest first, in a transaction of its own.
pub async fn page(store: &Store, ctx: &OpContext, before: i64) -> Result<Vec<punch::Model>> {
    use sea_orm::ColumnTrait as _;
    let before = tally_store::to_db(jiff::Timestamp::from_second(before)?);
    let page = Page::read(PAGE, "", b"bench")?;
    let plan = ctx.plan::<policy::ListPunches>()?;
    let tx = store.read(ctx).await?;
    let rows = tx.select::<punch::Entity>().within(&plan).filter(punch::Column::At.lt(before));
    let page = rows.page_desc(&page, [punch::Column::At, punch::Column::Id]).await;
    Ok(page.map_err(tally_kernel::Error::from)?.0)
}

fn check(ctx: &OpContext, rows: &[punch::Model]) -> Result<()> {
    let plan = ctx.plan::<policy::ListPunches>()?;
    let newest_first = rows.windows(2).all(|two| two[0].at >= two[1].at);
    ensure!(!rows.is_empty() && newest_first, "a page of {} rows, not newest first or empty", rows.len());
    ensure!(rows.iter().all(|row| plan.covers(&target(row))), "a page shows what a get would refuse");
    Ok(())
}

fn target(row: &punch::Model) -> tally_access::Target {
    let unit = row.unit_id.map(OrgUnitId);
    let person = Some(PersonId(row.person_id));
    let target = tally_access::Target { region: row.region.parse().ok(), unit, person, moment: None };
    from_db(row.at).map_or(target.clone(), |at| target.at(at))
}
