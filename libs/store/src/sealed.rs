//! Columns that a copy of the database does not give away: AES-256-GCM-SIV, bound to tenant, table, column and row.
//!
//! A sealed value opens only in the place it was written to: moved to another row, column or tenant it is refused. The
//! database cannot compare or add such values; what needs that happens in code.
//!
//! Bytes: format (1), id of the key (4, big endian), nonce (12, from the operating system), ciphertext with its tag.

use std::fmt;
use std::marker::PhantomData;

use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, StringLen, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, ColumnTrait, EntityName as _, QueryResult, TryGetError, TryGetable, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tally_kernel::Rng;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::keys::Keys;

const FORMAT: u8 = 1;
const NONCE_AT: usize = 5;
const CIPHER_AT: usize = NONCE_AT + 12;

/// A sealed `T` as a column of an entity (bytes). Prints as `sealed`.
pub struct Sealed<T> {
    bytes: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

/// Where a sealed value lives: it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    table: &'static str,
    column: &'static str,
    row: Uuid,
}

impl Place {
    /// The cell of an entity's `column` in the row with this id.
    pub fn of<C: ColumnTrait>(column: C, row: impl Into<Uuid>) -> Self {
        Self { table: C::EntityName::default().table_name(), column: column.as_str(), row: row.into() }
    }

    /// A cell of one of the store's own tables.
    pub(crate) fn named(table: &'static str, column: &'static str, row: Uuid) -> Self {
        Self { table, column, row }
    }

    fn bound_to(&self, tenant: Uuid) -> Vec<u8> {
        format!("{tenant}|{}|{}|{}", self.table, self.column, self.row).into_bytes()
    }
}

impl<T: Serialize> Sealed<T> {
    pub(crate) fn seal(keys: &Keys, tenant: Uuid, place: &Place, value: &T) -> Result<Self, StoreError> {
        let (id, key) = keys.seal_key(tenant).ok_or_else(|| StoreError::fault("no key to seal with"))?;
        let clear = Zeroizing::new(serde_json::to_vec(value).map_err(StoreError::fault)?);
        let nonce: [u8; 12] = Rng::System.bytes();
        let cipher = Aes256GcmSiv::new_from_slice(key.as_slice()).map_err(StoreError::fault)?;
        let payload = Payload { msg: &clear, aad: &place.bound_to(tenant) };
        let sealed = cipher.encrypt(&Nonce::from(nonce), payload).map_err(StoreError::fault)?;
        let mut bytes = Vec::with_capacity(CIPHER_AT + sealed.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(Self { bytes, of: PhantomData })
    }
}

impl<T: DeserializeOwned> Sealed<T> {
    pub(crate) fn open(&self, keys: &Keys, tenant: Uuid, place: &Place) -> Result<T, StoreError> {
        let fault =
            |why: &str| StoreError::fault(format_args!("{}.{} of row {}: {why}", place.table, place.column, place.row));
        let (Some(&FORMAT), Some(id), Some(nonce), Some(sealed)) = (
            self.bytes.first(),
            self.bytes.get(1..NONCE_AT),
            self.bytes.get(NONCE_AT..CIPHER_AT),
            self.bytes.get(CIPHER_AT..),
        ) else {
            return Err(fault("not a sealed value of a known format"));
        };
        let id = u32::from_be_bytes(id.try_into().map_err(StoreError::fault)?);
        let key = keys
            .seal_key_of(id, tenant)
            .ok_or_else(|| fault(&format!("sealed with key {id}, which the key file does not hold")))?;
        let cipher = Aes256GcmSiv::new_from_slice(key.as_slice()).map_err(StoreError::fault)?;
        let nonce: [u8; 12] = nonce.try_into().map_err(StoreError::fault)?;
        let payload = Payload { msg: sealed, aad: &place.bound_to(tenant) };
        let clear = cipher
            .decrypt(&Nonce::from(nonce), payload)
            .map_err(|_| fault("does not open here: altered, moved from another cell, or sealed with other keys"))?;
        serde_json::from_slice(&Zeroizing::new(clear))
            .map_err(|e| fault(&format!("opened, but is not of its type: {e}")))
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self { bytes: self.bytes.clone(), of: PhantomData }
    }
}

impl<T> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<T> Eq for Sealed<T> {}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sealed")
    }
}

impl<T> fmt::Display for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sealed")
    }
}

impl<T> From<Sealed<T>> for Value {
    fn from(sealed: Sealed<T>) -> Self {
        Self::Bytes(Some(sealed.bytes))
    }
}

impl<T> From<Vec<u8>> for Sealed<T> {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, of: PhantomData }
    }
}

impl<T> Nullable for Sealed<T> {
    fn null() -> Value {
        Value::Bytes(None)
    }
}

impl<T> TryGetable for Sealed<T> {
    fn try_get_by<I: ColIdx>(res: &QueryResult, index: I) -> Result<Self, TryGetError> {
        Vec::<u8>::try_get_by(res, index).map(Self::from)
    }
}

impl<T> ValueType for Sealed<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <Vec<u8> as ValueType>::try_from(value).map(Self::from)
    }

    fn type_name() -> String {
        "Sealed".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::Bytes
    }

    fn column_type() -> ColumnType {
        ColumnType::VarBinary(StringLen::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Uuid = Uuid::from_u128(1);
    const PAY: Place = Place { table: "pay", column: "amount", row: Uuid::from_u128(7) };

    #[test]
    fn a_value_opens_where_it_was_sealed_and_nowhere_else() {
        let keys = Keys::ephemeral();
        let sealed = Sealed::seal(&keys, TENANT, &PAY, &1_250_000_i64).unwrap();
        assert_eq!(sealed.open(&keys, TENANT, &PAY).unwrap(), 1_250_000);
        let elsewhere = [
            Place { row: Uuid::from_u128(8), ..PAY },
            Place { column: "bonus", ..PAY },
            Place { table: "grades", ..PAY },
        ];
        for place in elsewhere {
            assert!(sealed.open(&keys, TENANT, &place).is_err(), "{place:?}");
        }
        assert!(sealed.open(&keys, Uuid::from_u128(2), &PAY).is_err());
        assert!(sealed.open(&Keys::ephemeral(), TENANT, &PAY).is_err());
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused() {
        let keys = Keys::ephemeral();
        let sealed = Sealed::seal(&keys, TENANT, &PAY, &"secret".to_owned()).unwrap();
        for at in 0..sealed.bytes.len() {
            let mut other = sealed.clone();
            other.bytes[at] ^= 1;
            assert!(other.open(&keys, TENANT, &PAY).is_err(), "byte {at}");
        }
        for len in 0..sealed.bytes.len() {
            let cut = Sealed::<String>::from(sealed.bytes[..len].to_vec());
            assert!(cut.open(&keys, TENANT, &PAY).is_err(), "cut to {len}");
        }
    }

    #[test]
    fn printing_tells_nothing_and_equal_values_look_different() {
        let keys = Keys::ephemeral();
        let [a, b] = [0, 1].map(|_| Sealed::seal(&keys, TENANT, &PAY, &1).unwrap());
        assert_eq!(format!("{a} {a:?}"), "sealed sealed");
        assert_ne!(a, b);
    }
}
