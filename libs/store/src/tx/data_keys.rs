//! The keys that seal columns: random, one per tenant, class and version, kept in the service's own schema and wrapped by
//! a master key. Unwrapped they live in memory only.
//!
//! The newest version seals, older ones open until a rotation has moved their last row. A unit that seals holds its
//! tenant's lock in shared mode from its first statement, and a new version is made under the exclusive lock: so when a new
//! version is there, no unit that could still seal with the old one is.

use std::sync::PoisonError;

use sea_orm::{ConnectionTrait as _, DbErr, QueryResult};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::seal::cipher::{self, Secret};
use crate::seal::class::{KeyClass, OfTenant};
use crate::seal::sealed::{Cell, Place, Sealed};
use crate::seal::sealer::{SealedColumn, Wrapped, bound_to};
use crate::tx::context::to_db;
use crate::tx::scoped::ScopedTx;

impl Wrapped {
    pub(crate) fn read(row: &QueryResult) -> Result<Self, StoreError> {
        let (version, master, wrapped): (i64, i64, Vec<u8>) = row.try_get_many_by_index()?;
        Ok(Self {
            version: u32::try_from(version).map_err(StoreError::fault)?,
            master: u32::try_from(master).map_err(StoreError::fault)?,
            wrapped,
        })
    }
}

/// The registered columns, as the migrations wrote them.
pub(crate) fn columns_of(rows: &[QueryResult]) -> Result<Vec<SealedColumn>, StoreError> {
    let read = |row: &QueryResult| {
        let (table, column, class): (String, String, String) = row.try_get_many_by_index()?;
        let class = KeyClass::of_name(&class);
        let class = class.ok_or_else(|| DbErr::Custom(format!("{table}.{column} has an unknown class")))?;
        Ok(SealedColumn { table, column, class })
    };
    rows.iter().map(read).collect()
}

impl ScopedTx {
    fn met(&self, class: KeyClass) -> Option<(u32, Secret)> {
        self.keys_met().lock().unwrap_or_else(PoisonError::into_inner).get(&class).cloned()
    }

    fn meet(&self, class: KeyClass, version: u32, key: &Secret) {
        self.keys_met().lock().unwrap_or_else(PoisonError::into_inner).insert(class, (version, key.clone()));
    }

    /// The newest key of a class, if there is one.
    pub(crate) async fn newest_key(&self, class: KeyClass) -> Result<Option<(u32, Secret)>, StoreError> {
        if let Some(met) = self.met(class) {
            return Ok(Some(met));
        }
        let tenant = self.scope().tenant;
        let sql = "SELECT version, master, wrapped FROM data_keys \
                   WHERE tenant_id = $1 AND class = $2 AND destroyed_at IS NULL ORDER BY version DESC LIMIT 1";
        let Some(row) = self.raw().query_one_raw(self.statement(sql, [tenant.into(), class.name().into()])).await?
        else {
            return Ok(None);
        };
        let row = Wrapped::read(&row)?;
        let key = self.sealer().unwrap(tenant, class, &row)?;
        self.meet(class, row.version, &key);
        Ok(Some((row.version, key)))
    }

    /// The key of a class to seal with; the first of a class is made here. Only for units, which hold the lock.
    pub(crate) async fn sealing_key(&self, class: KeyClass) -> Result<(u32, Secret), StoreError> {
        if let Some(newest) = self.newest_key(class).await? {
            return Ok(newest);
        }
        let (tenant, version, key) = (self.scope().tenant, 1, cipher::fresh());
        let (master, wrapped) = self.keys().wrap(&key, &bound_to(tenant, class, version))?;
        let sql = "INSERT INTO data_keys (tenant_id, class, version, master, wrapped, recorded_at) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        let values = [
            tenant.into(),
            class.name().into(),
            i64::from(version).into(),
            i64::from(master).into(),
            wrapped.into(),
            to_db(self.scope().now).into(),
        ];
        if self.raw().execute_raw(self.statement(sql, values)).await?.rows_affected() == 1 {
            self.meet(class, version, &key);
            return Ok((version, key));
        }
        // Somebody else made it at the same moment.
        self.newest_key(class).await?.ok_or_else(|| StoreError::Busy("the first key of a class".to_owned()))
    }

    /// The key of a class and version to open with.
    pub(crate) async fn opening_key(
        &self,
        cell: &Cell<'_>,
        class: KeyClass,
        version: u32,
    ) -> Result<Secret, StoreError> {
        if let Some((_, key)) = self.met(class).filter(|met| met.0 == version) {
            return Ok(key);
        }
        if let Some(key) = self.sealer().known(cell.tenant, class, version) {
            return Ok(key);
        }
        let sql = "SELECT version, master, wrapped, destroyed_at IS NOT NULL FROM data_keys \
                   WHERE tenant_id = $1 AND class = $2 AND version = $3";
        let values = [cell.tenant.into(), class.name().into(), i64::from(version).into()];
        let row = self.raw().query_one_raw(self.statement(sql, values)).await?;
        let row = row.ok_or_else(|| cell.fault(format_args!("its key {} {version} is not there", class.name())))?;
        if row.try_get_by_index(3)? {
            // A rotation moved the row to the newer key and destroyed this one after the row was read.
            return Err(StoreError::Busy(format!("the key {} {version} has been destroyed", class.name())));
        }
        self.sealer().unwrap(cell.tenant, class, &Wrapped::read(&row)?)
    }

    pub(crate) async fn seal_in<C: OfTenant, T: Serialize>(
        &self,
        place: &Place,
        value: &T,
    ) -> Result<Sealed<C, T>, StoreError> {
        self.sealer().registered(place, C::KEY)?;
        let (version, key) = self.sealing_key(C::KEY).await?;
        Sealed::seal(&place.cell(self.scope().tenant), version, &key, value)
    }

    /// Opens a sealed value in its place.
    ///
    /// # Errors
    /// A fault of ours when it was altered, moved, or sealed with a key that is gone.
    pub async fn open<C: OfTenant, T: DeserializeOwned>(
        &self,
        place: &Place,
        sealed: &Sealed<C, T>,
    ) -> Result<T, StoreError> {
        let cell = place.cell(self.scope().tenant);
        let version = sealed.version(&cell)?;
        let key = self.opening_key(&cell, C::KEY, version).await?;
        sealed.open(&cell, version, &key)
    }
}
