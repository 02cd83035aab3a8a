//! Opening a store: its pools, the checks at the door, and the columns that are sealed.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tally_kernel::{Error, Kind, msg};

use crate::StoreConfig;
use crate::error::StoreError;
use crate::names;
use crate::schema::migrate::Migrator;
use crate::seal::sealer::SealedColumn;
use crate::tx::connect::{self, Mode, Pools, Role, Settings};
use crate::tx::data_keys;
use crate::tx::location::{Location, OwnerUrl};

/// The pools of a store that may be used, and its sealed columns.
pub(crate) async fn pools(
    url: &str,
    location: &Location,
    config: &StoreConfig,
    migrator: &Migrator,
) -> Result<(Pools, Vec<SealedColumn>), StoreError> {
    let service = config.service;
    let pools = match connect::backend_of(url)? {
        DbBackend::Postgres => {
            let pool = connect::postgres(url, service, config.max_connections).await?;
            let pools = Pools::Postgres { pool, service, statement_timeout: config.statement_timeout };
            let tx = pools.begin(Mode::Read, Role::Login, &Settings::default()).await?;
            connect::refuse_powerful_role(&tx, service).await?;
            if let Err(behind) = migrator.refuse_pending(&tx).await {
                // A role without rights on a schema sees nothing of it: migrating again would not help.
                if has_schema(&tx, service).await? {
                    location.refuse_other_role()?;
                }
                return Err(behind);
            }
            pools
        }
        _ => {
            let writer = connect::sqlite_writer(url).await?;
            refuse_foreign_file(&writer, service).await?;
            migrator.run(&writer).await?;
            // A file that can only be read is found out by a write, even by one that changes nothing.
            writer.execute_unprepared(&format!("DELETE FROM {} WHERE false", names::FACTS)).await?;
            let readers = connect::sqlite_readers(url).await?;
            Pools::Sqlite { writer, readers }
        }
    };
    let sealed = sealed_columns(&pools).await?;
    Ok((pools, sealed))
}

async fn has_schema(tx: &impl ConnectionTrait, service: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
    let row = tx.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [service.into()])).await?;
    Ok(row.is_some())
}

/// Refuses a database that holds entries of one of these services. The size of a table is seen past row-level security.
pub(crate) async fn refuse_used(owner: OwnerUrl<'_>, services: &[&'static str]) -> Result<(), Error> {
    if connect::backend_of(owner.url).is_ok_and(|backend| backend == DbBackend::Postgres) {
        let location = Location::of_owner(owner, services.first().copied().unwrap_or_default())?;
        return used(owner.url, services, &location).await.map_err(|error| location.told(error));
    }
    let setting = owner.setting.unwrap_or("database.owner_url");
    Err(Error::of(Kind::InvalidArgument, msg!("DATABASE_URL_INVALID.server", setting)))
}

async fn used(url: &str, services: &[&'static str], location: &Location) -> Result<(), StoreError> {
    let db = connect::postgres(url, "public", 1).await?;
    let sql = "SELECT n.nspname::text, current_database()::text FROM pg_class c \
               JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relname = $1 AND n.nspname = ANY($2) AND pg_relation_size(c.oid) > 0 ORDER BY 1";
    let schemas: Vec<String> = services.iter().map(|&service| service.to_owned()).collect();
    let values = [names::AUDIT.into(), schemas.into()];
    let row = db.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    db.close().await?;
    match row {
        None => Ok(()),
        Some(row) => {
            let (schema, database): (String, String) = row.try_get_many_by_index()?;
            Err(location.in_use(&schema, &database).into())
        }
    }
}

/// What the migrations registered.
async fn sealed_columns(pools: &Pools) -> Result<Vec<SealedColumn>, StoreError> {
    let tx = pools.begin(Mode::Read, Role::Login, &Settings::default()).await?;
    let sql = format!("SELECT table_name, column_name, class FROM {} ORDER BY 1, 2", names::SEALED_COLUMNS);
    data_keys::columns_of(&tx.query_all_raw(Statement::from_string(pools.backend(), sql)).await?)
}

/// One file per service: two in one file would share their logs.
async fn refuse_foreign_file(writer: &DatabaseConnection, service: &str) -> Result<(), StoreError> {
    let known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'store_facts'";
    if writer.query_one_raw(Statement::from_string(DbBackend::Sqlite, known)).await?.is_none() {
        return Ok(());
    }
    let sql = "SELECT value FROM store_facts WHERE name = 'service'";
    let row = writer.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    match row.map(|row| row.try_get_by_index::<String>(0)).transpose()? {
        Some(owner) if owner != service => {
            Err(Error::of(Kind::InvalidArgument, msg!("STORE_OF_ANOTHER_SERVICE", service, owner)).into())
        }
        _ => Ok(()),
    }
}
