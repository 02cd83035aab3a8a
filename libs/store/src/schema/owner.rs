//! What the owner of a PostgreSQL database does for a suite that lives as long as one run.

use sea_orm::ConnectionTrait as _;
use tally_kernel::Error;

use crate::error::StoreError;
use crate::names::{check_service, login};
use crate::tx::connect::postgres;
use crate::tx::location::{Location, OwnerUrl};

/// Drops a service's schema.
pub(crate) async fn discard(owner: OwnerUrl<'_>, service: &'static str) -> Result<(), Error> {
    as_owner(owner, service, &format!("DROP SCHEMA IF EXISTS {service} CASCADE")).await
}

/// Makes the owner a member of a service's login role. A superuser acts as anybody.
pub(crate) async fn lend_role(owner: OwnerUrl<'_>, service: &'static str) -> Result<(), Error> {
    let login = login(service);
    let sql = format!(
        "DO $$ BEGIN
           IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
             GRANT {login} TO CURRENT_USER;
           END IF;
         END $$"
    );
    as_owner(owner, service, &sql).await
}

async fn as_owner(owner: OwnerUrl<'_>, service: &'static str, sql: &str) -> Result<(), Error> {
    check_service(service)?;
    let location = Location::of_owner(owner, service)?;
    let run = async {
        let db = postgres(owner.url, "public", 1).await?;
        db.execute_unprepared(sql).await?;
        Ok(db.close().await?)
    };
    run.await.map_err(|error: StoreError| location.told(error))
}
