//! A small service to test with: notes with a code, a title and a number.

use std::sync::Arc;

use sea_orm::entity::prelude::*;
use tally_access::{Actor, ActorKind, OpContext, Permit, Plan, Reach, Target, View};
use tally_kernel::id::{PrincipalId, TenantId};
use tally_kernel::{Clock, IdNumber, Rng};
use tally_store::migration::{Schema, big, bytes_null, key_text, person, region, text, unit, uuid};
use tally_store::{Audit, BlindIndex, Sealed, Store, UnitOfWork, class};

use crate::databases::{Backend, TestStore};

pub const SERVICE: &str = "sample";

pub mod note {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "notes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Option<Uuid>,
        pub person_id: Option<Uuid>,
        pub code: String,
        pub title: String,
        pub amount: i64,
        #[serde(skip)]
        pub secret: Option<Sealed<class::Credential, String>>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, at: RecordedAt });
}

/// A badge: what is sealed about its holder.
pub mod badge {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "badges")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub person_id: Uuid,
        pub number: Option<Sealed<class::IdNumber, IdNumber>>,
        pub number_index: Option<BlindIndex>,
        pub place: Option<Sealed<class::Location, String>>,
        pub pay: Option<Sealed<class::Salary, i64>>,
        pub forgotten: Option<Sealed<class::Salary, i64>>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, person: PersonId });
}

/// Where a group's id is found by its name.
pub mod group {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "groups")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub tenant: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::unscoped!(Entity, "a group is found by its name before anybody is signed in");
}

mod sample_0001_notes {
    use super::*;

    pub(super) fn up(schema: &mut Schema) {
        schema
            .table("notes")
            .columns(&[region(), unit(), person(), text("code"), text("title"), big("amount"), bytes_null("secret")])
            .unique(&["code"])
            .sealed::<class::Credential>("secret")
            .check("amount", "amount >= 0");
        schema.open_table("groups").columns(&[key_text("name"), uuid("tenant")]);
    }
}

mod sample_0002_badges {
    use super::*;

    pub(super) fn up(schema: &mut Schema) {
        let [number, number_index, place] = ["number", "number_index", "place"].map(bytes_null);
        schema
            .table("badges")
            // `forgotten` does not say that it is sealed.
            .columns(&[uuid("person_id"), number, number_index, place, bytes_null("pay"), bytes_null("forgotten")])
            .sealed::<class::IdNumber>("number")
            .sealed::<class::Location>("place")
            .sealed::<class::Salary>("pay")
            .unique(&["number_index"]);
    }
}

tally_store::migrations![sample_0001_notes, sample_0002_badges];

pub mod policy {
    tally_access::rpcs! {
        Write = "sample.v1.Notes/Write", public, Change;
        Rename = "sample.v1.Notes/Rename", public, Change;
        List = "sample.v1.Notes/List", PunchRead, Read;
    }
}

pub async fn database(on: Backend) -> TestStore {
    TestStore::on(on, SERVICE, migrations).await
}

pub fn tenant(n: u128) -> TenantId {
    TenantId(Uuid::from_u128(n))
}

/// A context of the tenant `n`, with its own principal.
pub fn context(db: &TestStore, n: u128) -> OpContext {
    let actor = Actor {
        principal: PrincipalId(Uuid::from_u128(n)),
        kind: ActorKind::User,
        tenant: tenant(n),
        on_behalf_of: None,
    };
    OpContext::new(actor, Arc::new(View::nothing(0, None)), db.clock.clone(), Rng::System)
}

/// The context with a view that lists notes within `reach`.
pub fn reaching(ctx: &OpContext, reach: Reach) -> (OpContext, Plan<policy::List>) {
    let view = View::new(0, None, [(tally_access::Permission::PunchRead, Arc::new(reach))]);
    let ctx = OpContext { view: Arc::new(view), ..ctx.clone() };
    let plan = ctx.plan::<policy::List>().unwrap();
    (ctx, plan)
}

pub fn permit(ctx: &OpContext) -> Permit<policy::Write> {
    ctx.permit(&Target::tenant()).unwrap()
}

pub async fn unit_of(store: &Store, ctx: &OpContext) -> UnitOfWork {
    store.unit(ctx, &permit(ctx)).await.unwrap()
}

pub fn audit() -> Audit {
    Audit::new("sample.note.write", "note", "1")
}

pub fn row(ctx: &OpContext, code: &str) -> note::ActiveModel {
    note::ActiveModel {
        tenant_id: sea_orm::ActiveValue::NotSet,
        id: sea_orm::ActiveValue::Set(ctx.new_id()),
        region: sea_orm::ActiveValue::Set("cn-north".to_owned()),
        unit_id: sea_orm::ActiveValue::Set(None),
        person_id: sea_orm::ActiveValue::Set(None),
        code: sea_orm::ActiveValue::Set(code.to_owned()),
        title: sea_orm::ActiveValue::Set(format!("note {code}")),
        amount: sea_orm::ActiveValue::Set(1),
        secret: sea_orm::ActiveValue::Set(None),
        recorded_at: sea_orm::ActiveValue::Set(tally_store::to_db(ctx.now())),
    }
}

/// A badge of nobody's number and place.
pub fn badge_row(ctx: &OpContext, id: Uuid, person: Uuid) -> badge::ActiveModel {
    badge::ActiveModel {
        tenant_id: sea_orm::ActiveValue::NotSet,
        id: sea_orm::ActiveValue::Set(id),
        person_id: sea_orm::ActiveValue::Set(person),
        number: sea_orm::ActiveValue::Set(None),
        number_index: sea_orm::ActiveValue::Set(None),
        place: sea_orm::ActiveValue::Set(None),
        pay: sea_orm::ActiveValue::Set(None),
        forgotten: sea_orm::ActiveValue::Set(None),
        recorded_at: sea_orm::ActiveValue::Set(tally_store::to_db(ctx.now())),
    }
}

/// Writes notes with these codes in a unit of their own.
pub async fn write(store: &Store, ctx: &OpContext, codes: &[&str]) {
    let work = unit_of(store, ctx).await;
    work.insert_many(codes.iter().map(|code| row(ctx, code))).await.unwrap();
    work.commit(audit(), ()).await.unwrap();
}

/// A note for each of these: code, whom it tells of, hours after the clock's instant.
pub async fn filled(on: Backend, told: &[(&str, Option<u128>, i64)]) -> TestStore {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let work = unit_of(&db.store, &ctx).await;
    let rows = told.iter().map(|(code, person, hours)| note::ActiveModel {
        person_id: sea_orm::ActiveValue::Set(person.map(Uuid::from_u128)),
        recorded_at: sea_orm::ActiveValue::Set(tally_store::to_db(
            ctx.now() + jiff::SignedDuration::from_hours(*hours),
        )),
        ..row(&ctx, code)
    });
    work.insert_many(rows.collect::<Vec<_>>()).await.unwrap();
    work.commit(audit(), ()).await.unwrap();
    db
}

/// The codes the context sees, sorted.
pub async fn codes(store: &Store, ctx: &OpContext) -> Vec<String> {
    let tx = store.read(ctx).await.unwrap();
    let notes = tx.select::<note::Entity>().order_by_asc(note::Column::Code).all().await.unwrap();
    notes.into_iter().map(|note| note.code).collect()
}

/// A connection past the store, as the owner: to look and to tamper.
pub async fn owner(db: &TestStore) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(&db.owner_url);
    options.sqlx_logging(false).max_connections(1);
    if db.name == "postgres" {
        options.set_schema_search_path(SERVICE);
    }
    sea_orm::Database::connect(options).await.unwrap()
}

/// Runs one statement past the store.
pub async fn tamper(db: &TestStore, sql: &str) -> u64 {
    db.tamper(sql).await
}

pub fn clock(db: &TestStore) -> &Clock {
    &db.clock
}
