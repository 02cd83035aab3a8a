//! How values that runs and cycles have alike are kept in columns.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tally_kernel::time::Period;
use tally_kernel::{Error, Result};

pub fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(Error::internal)
}

pub fn write(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

pub fn count(n: u32) -> Result<i32> {
    i32::try_from(n).map_err(Error::internal)
}

/// A period, by its first and last date.
pub fn period(from: &str, to: &str) -> Result<Period> {
    let day = |text: &str| text.parse().map_err(Error::internal);
    Period::new(day(from)?, day(to)?).map_err(Error::internal)
}
