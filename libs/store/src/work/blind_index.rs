//! Finding a row by a number that is sealed: beside it stands an index that only equal numbers share, and that nobody
//! without the group's key can compute. For identity numbers alone, because guessing is cheap wherever values are few.

use std::fmt;

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, StringLen, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable, Value};
use tally_kernel::IdNumber;

use crate::error::StoreError;
use crate::seal::cipher::Secret;
use crate::seal::class::KeyClass;
use crate::tx::scoped::ScopedTx;
use crate::work::unit_of_work::UnitOfWork;

/// What equal identity numbers of a group share, as a column of an entity (bytes). Only an [`IdNumber`] makes one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BlindIndex([u8; 32]);

impl BlindIndex {
    fn of(key: &Secret, number: &IdNumber) -> Self {
        Self(*blake3::keyed_hash(key, number.reveal().as_bytes()).as_bytes())
    }
}

impl ScopedTx {
    /// The index to look a number up by; none when the group holds no number yet.
    ///
    /// # Errors
    /// What the database says.
    pub async fn blind_index(&self, number: &IdNumber) -> Result<Option<BlindIndex>, StoreError> {
        Ok(self.newest_key(KeyClass::BlindIndex).await?.map(|(_, key)| BlindIndex::of(&key, number)))
    }
}

impl UnitOfWork {
    /// The index to keep beside the sealed number.
    ///
    /// # Errors
    /// What the database says.
    pub async fn make_blind_index(&self, number: &IdNumber) -> Result<BlindIndex, StoreError> {
        Ok(BlindIndex::of(&self.sealing_key(KeyClass::BlindIndex).await?.1, number))
    }
}

impl fmt::Debug for BlindIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("blind index")
    }
}

impl From<BlindIndex> for Value {
    fn from(index: BlindIndex) -> Self {
        Self::Bytes(Some(index.0.to_vec()))
    }
}

impl Nullable for BlindIndex {
    fn null() -> Value {
        Value::Bytes(None)
    }
}

impl TryGetable for BlindIndex {
    fn try_get_by<I: ColIdx>(res: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let bytes = Vec::<u8>::try_get_by(res, index)?;
        let bytes = bytes.try_into().map_err(|_| sea_orm::DbErr::Type("a blind index has 32 bytes".to_owned()))?;
        Ok(Self(bytes))
    }
}

impl ValueType for BlindIndex {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <Vec<u8> as ValueType>::try_from(value)?.try_into().map(Self).map_err(|_| ValueTypeErr)
    }

    fn type_name() -> String {
        "BlindIndex".to_owned()
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
    use crate::seal::cipher;

    #[test]
    fn an_index_tells_numbers_apart_and_groups_too_and_prints_nothing() {
        let (key, number) = (cipher::fresh(), IdNumber::parse("A1").unwrap());
        let index = BlindIndex::of(&key, &number);
        assert!(index == BlindIndex::of(&key, &IdNumber::parse("a 1").unwrap()));
        assert!(index != BlindIndex::of(&key, &IdNumber::parse("A2").unwrap()));
        assert!(index != BlindIndex::of(&cipher::fresh(), &number));
        assert_eq!(format!("{index:?} {number:?}"), "blind index id number");
    }
}
