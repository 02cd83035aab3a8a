//! What a store seals with: its master keys, the data keys it has unwrapped, and the columns that may hold sealed values.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::error::StoreError;
use crate::seal::cipher::Secret;
use crate::seal::class::KeyClass;
use crate::seal::keys::Keys;
use crate::seal::sealed::Place;

/// Unwrapped keys that a store keeps at most.
const MOST_CACHED: usize = 4096;

/// What a store seals with: master keys, unwrapped data keys, and the columns that its migrations registered.
pub(crate) struct Sealer {
    pub keys: Keys,
    pub columns: Vec<SealedColumn>,
    known: Mutex<HashMap<(Uuid, KeyClass, u32), Secret>>,
}

/// A column of sealed values, as a migration registered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedColumn {
    pub table: String,
    pub column: String,
    pub class: KeyClass,
}

impl Sealer {
    pub(crate) fn new(keys: Keys, columns: Vec<SealedColumn>) -> Self {
        Self { keys, columns, known: Mutex::default() }
    }

    /// Refuses a column that no migration registered: a rotation would forget it.
    pub(crate) fn registered(&self, place: &Place, class: KeyClass) -> Result<(), StoreError> {
        let found = self.columns.iter().find(|known| known.table == place.table && known.column == place.column);
        if found.is_some_and(|known| known.class == class) {
            return Ok(());
        }
        Err(StoreError::fault(format_args!(
            "{}.{} is not registered as a column of the class {}: its migration must say that it is sealed",
            place.table,
            place.column,
            class.name()
        )))
    }

    pub(crate) fn known(&self, tenant: Uuid, class: KeyClass, version: u32) -> Option<Secret> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&(tenant, class, version)).cloned()
    }

    /// Unwraps a key that a row of `data_keys` holds, once.
    pub(crate) fn unwrap(&self, tenant: Uuid, class: KeyClass, row: &Wrapped) -> Result<Secret, StoreError> {
        if let Some(key) = self.known(tenant, class, row.version) {
            return Ok(key);
        }
        let key = self.keys.unwrap(row.master, &row.wrapped, &bound_to(tenant, class, row.version))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_CACHED {
            known.clear();
        }
        known.insert((tenant, class, row.version), key.clone());
        Ok(key)
    }
}

/// The data keys that a transaction has met: versions that it made itself are nobody else's yet.
pub(crate) type Met = Mutex<BTreeMap<KeyClass, (u32, Secret)>>;

/// A live row of `data_keys`: the columns `version, master, wrapped`.
pub(crate) struct Wrapped {
    pub version: u32,
    pub master: u32,
    pub wrapped: Vec<u8>,
}

/// What a wrapped data key is bound to.
pub(crate) fn bound_to(tenant: Uuid, class: KeyClass, version: u32) -> String {
    format!("tally data key 1|{tenant}|{}|{version}", class.name())
}
