//! What migrations are written with: a function for each file, which says what it makes and changes. Whatever every table
//! has is added here.
//!
//! ```
//! # mod attendance_0001_punches {
//! use tally_store::migration::*;
//!
//! pub(super) fn up(schema: &mut Schema) {
//!     schema
//!         .table("punches")
//!         .columns(&[region(), unit(), person(), instant("at"), text("kind")])
//!         .unique(&["person_id", "at"]);
//! }
//! # }
//! // In `migrations/mod.rs`, the files in the order in which they run:
//! tally_store::migrations![attendance_0001_punches];
//! ```

use async_trait::async_trait;
use sea_orm::sea_query::{
    Alias, Index, IndexCreateStatement, IndexDropStatement, Table as Statement, TableAlterStatement,
    TableCreateStatement,
};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
pub use sea_orm_migration::MigrationTrait;
use sea_orm_migration::{MigrationName, SchemaManager};

use super::columns::audit_id;
pub use super::columns::{
    Column, big, big_null, bytes, bytes_null, date, date_null, flag, flag_null, instant, instant_null, int, int_null,
    key_text, person, region, sorted_text, text, text_null, unit, uuid, uuid_null,
};
use super::rules::{check, enable_open_rls, enable_rls, sealed_column};
use crate::seal::class::{Class, KeyClass};

/// The migrations of a service, of files beside this one that have a function `up`. A file is named as its migration, which
/// begins with the service's name and is never changed.
#[macro_export]
macro_rules! migrations {
    ($($file:ident),+ $(,)?) => {
        /// Every migration of the service, oldest first.
        pub fn migrations() -> ::std::vec::Vec<::std::boxed::Box<dyn $crate::migration::MigrationTrait>> {
            ::std::vec![$($crate::migration::migration(stringify!($file), $file::up)),+]
        }
    };
}

/// A migration of this name.
pub fn migration(name: &'static str, up: fn(&mut Schema)) -> Box<dyn MigrationTrait> {
    Box::new(Migration { name, up })
}

struct Migration {
    name: &'static str,
    up: fn(&mut Schema),
}

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let mut schema = Schema { backend: m.get_database_backend(), steps: Vec::new() };
        (self.up)(&mut schema);
        for step in schema.steps {
            step.run(m).await?;
        }
        Ok(())
    }
}

/// What a migration makes and changes, in this order.
#[derive(Debug)]
pub struct Schema {
    backend: DbBackend,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Create { table: Box<TableCreateStatement>, name: &'static str, open: bool },
    Alter(TableAlterStatement),
    Index(IndexCreateStatement),
    DropIndex(IndexDropStatement),
    IndexWhere(String),
    Check { table: &'static str, name: &'static str, condition: String },
    Seal { table: &'static str, column: &'static str, class: KeyClass },
}

impl Step {
    async fn run(self, m: &SchemaManager<'_>) -> Result<(), DbErr> {
        match self {
            Self::Create { table, name, open } => {
                m.create_table(*table).await?;
                if open { enable_open_rls(m, name).await } else { enable_rls(m, name).await }
            }
            Self::Alter(change) => m.alter_table(change).await,
            Self::Index(index) => m.create_index(index).await,
            Self::DropIndex(index) => m.drop_index(index).await,
            Self::IndexWhere(sql) => m.get_connection().execute_unprepared(&sql).await.map(drop),
            Self::Check { table, name, condition } => check(m, table, name, &condition).await,
            Self::Seal { table, column, class } => sealed_column(m, table, column, class).await,
        }
    }
}

impl Schema {
    /// A table of tenants' rows, which row-level security holds for: `tenant_id`, `id` (together the key), its columns,
    /// `recorded_at`, and the `audit_id` of the entry that accounts for the row.
    pub fn table(&mut self, name: &'static str) -> NewTable<'_> {
        NewTable { schema: self, name, key: Key::Id }
    }

    /// A table whose rows belong to no tenant (see [`unscoped!`](crate::unscoped)): everybody may read them all. It has its
    /// columns, one of which is the [key](key_text), and no other.
    pub fn open_table(&mut self, name: &'static str) -> NewTable<'_> {
        NewTable { schema: self, name, key: Key::Own }
    }

    /// A table that an earlier migration made.
    pub fn existing(&mut self, name: &'static str) -> Table<'_> {
        Table { schema: self, name }
    }
}

/// A table that lacks its columns.
#[must_use = "a table without columns is none"]
pub struct NewTable<'s> {
    schema: &'s mut Schema,
    name: &'static str,
    key: Key,
}

enum Key {
    Id,
    Columns(Vec<&'static str>),
    Own,
}

impl<'s> NewTable<'s> {
    /// With `tenant_id` and these columns as the key. Such a table has neither `id` nor `recorded_at` but where they stand among
    /// its columns.
    pub fn key(self, columns: &[&'static str]) -> Self {
        Self { key: Key::Columns(columns.to_vec()), ..self }
    }

    /// Makes it.
    pub fn columns(self, columns: &[Column]) -> Table<'s> {
        let Self { schema, name, key } = self;
        let open = matches!(key, Key::Own);
        let before: &[&str] = match key {
            Key::Id => &["tenant_id", "id"],
            Key::Columns(_) => &["tenant_id"],
            Key::Own => &[],
        };
        let after = match key {
            Key::Id => vec![instant("recorded_at"), audit_id()],
            Key::Columns(_) => vec![audit_id()],
            Key::Own => Vec::new(),
        };
        let mut table = Statement::create();
        table.table(Alias::new(name));
        for column in before.iter().map(|name| uuid(name)).chain(columns.iter().cloned()).chain(after) {
            table.col(column.on(schema.backend));
        }
        if !open {
            let more = if let Key::Columns(more) = key { more } else { Vec::new() };
            let mut key = Index::create();
            key.name(format!("{name}_pk"));
            for column in before.iter().copied().chain(more) {
                key.col(Alias::new(column));
            }
            table.primary_key(&mut key);
        }
        schema.steps.push(Step::Create { table: Box::new(table), name, open });
        Table { schema, name }
    }
}

/// A table that is there.
pub struct Table<'s> {
    schema: &'s mut Schema,
    name: &'static str,
}

impl Table<'_> {
    fn then(self, step: Step) -> Self {
        self.schema.steps.push(step);
        self
    }

    fn named(&self, columns: &[&str], ending: &str) -> String {
        format!("{}_{}_{ending}", self.name, columns.join("_"))
    }

    fn over(&self, columns: &[&str], ending: &str) -> IndexCreateStatement {
        let mut index = Index::create();
        index.name(self.named(columns, ending)).table(Alias::new(self.name)).col(Alias::new("tenant_id"));
        for column in columns {
            index.col(Alias::new(*column));
        }
        index
    }

    /// Equal values of `tenant_id` and these columns are refused. The index is named after them (`people_employee_no_key`),
    /// which is what `conflict_on` looks for.
    pub fn unique(self, columns: &[&str]) -> Self {
        let index = self.over(columns, "key").unique().take();
        self.then(Step::Index(index))
    }

    /// The same among the rows that meet a condition.
    pub fn unique_where(self, columns: &[&str], condition: &str) -> Self {
        let (table, name, columns) = (self.name, self.named(columns, "key"), columns.join(", "));
        let sql = format!("CREATE UNIQUE INDEX {name} ON {table} (tenant_id, {columns}) WHERE {condition}");
        self.then(Step::IndexWhere(sql))
    }

    /// Equal values of `tenant_id` and these columns are refused no longer.
    pub fn drop_unique(self, columns: &[&str]) -> Self {
        let name = self.named(columns, "key");
        let mut index = Index::drop();
        index.name(name).table(Alias::new(self.name));
        self.then(Step::DropIndex(index))
    }

    /// An index over `tenant_id` and these columns, for speed alone.
    pub fn index(self, columns: &[&str]) -> Self {
        let index = self.over(columns, "idx");
        self.then(Step::Index(index))
    }

    /// A condition that every row must meet, such as `approved_by <> prepared_by`.
    pub fn check(self, name: &'static str, condition: &str) -> Self {
        let step = Step::Check { table: self.name, name, condition: condition.to_owned() };
        self.then(step)
    }

    /// The column holds [`Sealed`](crate::Sealed) values of this class: a rotation of keys finds it, and nothing can be sealed for
    /// a column that does not say so.
    pub fn sealed<C: Class>(self, column: &'static str) -> Self {
        let step = Step::Seal { table: self.name, column, class: C::KEY };
        self.then(step)
    }

    /// One column more.
    pub fn add_column(self, column: Column) -> Self {
        let mut alter = Statement::alter();
        let change = alter.table(Alias::new(self.name)).add_column(column.on(self.schema.backend)).take();
        self.then(Step::Alter(change))
    }

    /// Another name for a column.
    pub fn rename_column(self, from: &'static str, to: &'static str) -> Self {
        let change =
            Statement::alter().table(Alias::new(self.name)).rename_column(Alias::new(from), Alias::new(to)).take();
        self.then(Step::Alter(change))
    }

    /// One column less.
    pub fn drop_column(self, column: &'static str) -> Self {
        let change = Statement::alter().table(Alias::new(self.name)).drop_column(Alias::new(column)).take();
        self.then(Step::Alter(change))
    }
}
