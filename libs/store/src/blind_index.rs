//! Finding a row by a number that is sealed: beside it stands an index that only equal numbers share, and that nobody
//! without the group's key can compute. For identity numbers alone, because guessing is cheap wherever values are few.

use std::fmt;

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, StringLen, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable, Value};
use serde::{Deserialize, Serialize};
use tally_kernel::{Error, Kind};

use crate::cipher::Secret;
use crate::class::KeyClass;
use crate::error::StoreError;
use crate::scoped::ScopedTx;
use crate::unit::Unit;

const LONGEST: usize = 64;

/// The number of an identity document: upper case, without spaces. Prints as `id number`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdNumber(String);

impl IdNumber {
    /// Reads a number as people write it.
    ///
    /// # Errors
    /// `ID_NUMBER_INVALID` when nothing is left without the spaces, or too much.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let number: String = text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect();
        if (1..=LONGEST).contains(&number.len()) && !number.contains(char::is_control) {
            return Ok(Self(number));
        }
        let text = format!("an identity number has 1 to {LONGEST} characters without control characters");
        Err(Error::new(Kind::InvalidArgument, "ID_NUMBER_INVALID", text))
    }

    /// The number itself, for whoever may read it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("id number")
    }
}

/// What equal identity numbers of a group share, as a column of an entity (bytes). Only an [`IdNumber`] makes one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BlindIndex([u8; 32]);

impl BlindIndex {
    fn of(key: &Secret, number: &IdNumber) -> Self {
        Self(*blake3::keyed_hash(key, number.0.as_bytes()).as_bytes())
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

impl Unit {
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
    use crate::cipher;

    #[test]
    fn numbers_are_equal_however_they_are_spaced_and_spelt() {
        let number = IdNumber::parse("11010519491231002X").unwrap();
        for text in [" 110105 19491231 002x ", "11010519491231002x\n", "1101\u{3000}05\t19491231002X"] {
            assert_eq!(IdNumber::parse(text).unwrap(), number, "{text:?}");
        }
        for text in ["", "  ", "A\u{0}B", &"1".repeat(65)] {
            assert_eq!(IdNumber::parse(text).unwrap_err().reason(), "ID_NUMBER_INVALID", "{text:?}");
        }
    }

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
