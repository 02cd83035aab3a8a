//! Columns that a copy of the database does not give away: bound to tenant, table, column and row, and to their class.
//!
//! A sealed value opens only in the place it was written to: moved to another row, column or tenant it is refused. The
//! database cannot compare or add such values; what needs that happens in code. Which key seals follows from the class in
//! the column's type: [`UnitOfWork::seal`](crate::UnitOfWork::seal) for a key of the group, [`PersonKeys`](crate::PersonKeys) for one
//! of the person.
//!
//! Bytes: format (2), class (1), version of the key (4, big endian; 0 under a person's key), nonce (12, from the operating
//! system), ciphertext with its tag.

use std::fmt;
use std::marker::PhantomData;

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, StringLen, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, ColumnTrait, EntityName as _, QueryResult, TryGetError, TryGetable, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::seal::cipher::{self, Secret};
use crate::seal::class::{Class, KeyClass};

const FORMAT: u8 = 2;
/// Format, class and version: what comes before the nonce.
pub(crate) const HEADER: usize = 6;

/// A `T` sealed as of class `C`, as a column of an entity (bytes). Prints as `sealed`.
pub struct Sealed<C, T> {
    bytes: Vec<u8>,
    of: PhantomData<fn() -> (C, T)>,
}

/// Where a sealed value lives: it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) row: Uuid,
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

    /// The name of the cell's column.
    pub fn column(&self) -> &'static str {
        self.column
    }

    pub(crate) fn cell(&self, tenant: Uuid) -> Cell<'_> {
        Cell { tenant, table: self.table, column: self.column, row: self.row }
    }
}

/// A cell of a tenant, whatever its type.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub tenant: Uuid,
    pub table: &'a str,
    pub column: &'a str,
    pub row: Uuid,
}

impl Cell<'_> {
    /// The sealed bytes of `clear` in this cell.
    pub(crate) fn seal(
        &self,
        class: KeyClass,
        version: u32,
        key: &Secret,
        clear: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let sealed = cipher::encrypt(key, clear, self.bound_to(class, version).as_bytes())?;
        Ok([header(class, version).as_slice(), &sealed].concat())
    }

    /// What was sealed in this cell.
    pub(crate) fn open(
        &self,
        class: KeyClass,
        version: u32,
        key: &Secret,
        bytes: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let sealed = bytes.get(HEADER..).unwrap_or_default();
        cipher::decrypt(key, sealed, self.bound_to(class, version).as_bytes()).ok_or_else(|| {
            self.fault("does not open here: altered, moved from another cell, or sealed with another key")
        })
    }

    /// The version of the key that sealed these bytes, if they are of this class.
    pub(crate) fn version(&self, class: KeyClass, bytes: &[u8]) -> Result<u32, StoreError> {
        match bytes.split_first_chunk::<HEADER>() {
            Some(([FORMAT, byte, version @ ..], _)) if *byte == class.byte() => Ok(u32::from_be_bytes(*version)),
            Some(([FORMAT, ..], _)) => Err(self.fault(format_args!("is not of the class {}", class.name()))),
            _ => Err(self.fault("not a sealed value of a known format")),
        }
    }

    pub(crate) fn fault(&self, why: impl fmt::Display) -> StoreError {
        StoreError::fault(format_args!("{}.{} of row {}: {why}", self.table, self.column, self.row))
    }

    fn bound_to(&self, class: KeyClass, version: u32) -> String {
        format!("{}|{}|{}|{}|{}|{version}", self.tenant, self.table, self.column, self.row, class.name())
    }
}

/// How sealed bytes of this class and version of the key begin.
pub(crate) fn header(class: KeyClass, version: u32) -> [u8; HEADER] {
    let [a, b, c, d] = version.to_be_bytes();
    [FORMAT, class.byte(), a, b, c, d]
}

impl<C: Class, T> Sealed<C, T> {
    pub(crate) fn version(&self, cell: &Cell<'_>) -> Result<u32, StoreError> {
        cell.version(C::KEY, &self.bytes)
    }
}

impl<C: Class, T: Serialize> Sealed<C, T> {
    pub(crate) fn seal(cell: &Cell<'_>, version: u32, key: &Secret, value: &T) -> Result<Self, StoreError> {
        let clear = Zeroizing::new(serde_json::to_vec(value).map_err(StoreError::fault)?);
        cell.seal(C::KEY, version, key, &clear).map(Self::from)
    }
}

impl<C: Class, T: DeserializeOwned> Sealed<C, T> {
    pub(crate) fn open(&self, cell: &Cell<'_>, version: u32, key: &Secret) -> Result<T, StoreError> {
        let clear = cell.open(C::KEY, version, key, &self.bytes)?;
        serde_json::from_slice(&clear).map_err(|e| cell.fault(format_args!("opened, but is not of its type: {e}")))
    }
}

impl<C, T> Clone for Sealed<C, T> {
    fn clone(&self) -> Self {
        Self { bytes: self.bytes.clone(), of: PhantomData }
    }
}

impl<C, T> PartialEq for Sealed<C, T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<C, T> Eq for Sealed<C, T> {}

impl<C, T> fmt::Debug for Sealed<C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sealed")
    }
}

impl<C, T> fmt::Display for Sealed<C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sealed")
    }
}

impl<C, T> From<Sealed<C, T>> for Value {
    fn from(sealed: Sealed<C, T>) -> Self {
        Self::Bytes(Some(sealed.bytes))
    }
}

impl<C, T> From<Vec<u8>> for Sealed<C, T> {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, of: PhantomData }
    }
}

impl<C, T> Nullable for Sealed<C, T> {
    fn null() -> Value {
        Value::Bytes(None)
    }
}

impl<C, T> TryGetable for Sealed<C, T> {
    fn try_get_by<I: ColIdx>(res: &QueryResult, index: I) -> Result<Self, TryGetError> {
        Vec::<u8>::try_get_by(res, index).map(Self::from)
    }
}

impl<C, T> ValueType for Sealed<C, T> {
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
    use crate::seal::class::{Credential, Salary};

    const TENANT: Uuid = Uuid::from_u128(1);
    const PAY: Cell<'_> = Cell { tenant: TENANT, table: "pay", column: "amount", row: Uuid::from_u128(7) };

    #[test]
    fn a_value_opens_where_it_was_sealed_and_nowhere_else() {
        let key = cipher::fresh();
        let sealed = Sealed::<Salary, _>::seal(&PAY, 3, &key, &1_250_000_i64).unwrap();
        assert_eq!(sealed.version(&PAY).unwrap(), 3);
        assert_eq!(sealed.open(&PAY, 3, &key).unwrap(), 1_250_000);
        let elsewhere = [
            Cell { row: Uuid::from_u128(8), ..PAY },
            Cell { column: "bonus", ..PAY },
            Cell { table: "grades", ..PAY },
            Cell { tenant: Uuid::from_u128(2), ..PAY },
        ];
        for cell in elsewhere {
            assert!(sealed.open(&cell, 3, &key).is_err(), "{}.{}", cell.table, cell.column);
        }
        assert!(sealed.open(&PAY, 4, &key).is_err(), "another version");
        assert!(sealed.open(&PAY, 3, &cipher::fresh()).is_err(), "another key");
    }

    #[test]
    fn a_value_of_another_class_is_refused_even_if_its_byte_is_changed() {
        let key = cipher::fresh();
        let sealed = Sealed::<Salary, _>::seal(&PAY, 1, &key, &"x".to_owned()).unwrap();
        let mut other = Sealed::<Credential, String>::from(sealed.bytes);
        assert!(other.version(&PAY).is_err());
        other.bytes[1] = KeyClass::Credential.byte();
        assert_eq!(other.version(&PAY).unwrap(), 1);
        assert!(other.open(&PAY, 1, &key).is_err());
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused() {
        let key = cipher::fresh();
        let sealed = Sealed::<Salary, _>::seal(&PAY, 1, &key, &"secret".to_owned()).unwrap();
        let opens = |bytes: &[u8]| {
            let other = Sealed::<Salary, String>::from(bytes.to_vec());
            other.version(&PAY).and_then(|version| other.open(&PAY, version, &key)).is_ok()
        };
        assert!(opens(&sealed.bytes));
        for at in 0..sealed.bytes.len() {
            let mut other = sealed.bytes.clone();
            other[at] ^= 1;
            assert!(!opens(&other), "byte {at}");
            assert!(!opens(&sealed.bytes[..at]), "cut to {at}");
        }
    }

    #[test]
    fn printing_tells_nothing_and_equal_values_look_different() {
        let key = cipher::fresh();
        let [a, b] = [0, 1].map(|_| Sealed::<Salary, _>::seal(&PAY, 1, &key, &1).unwrap());
        assert_eq!(format!("{a} {a:?}"), "sealed sealed");
        assert_ne!(a, b);
    }
}
