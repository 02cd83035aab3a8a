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

/// A pattern of everything that holds a text, also where it stands within JSON; of little more besides. Each database has its own way to
/// escape what patterns and JSON mean otherwise, so that any of it is taken for it: whoever asks compares what is found.
pub fn holding(text: &str) -> String {
    let other = |c: char| matches!(c, '\\' | '"' | '%' | '_') || c.is_control();
    let text: String = text.chars().map(|c| if other(c) { '%' } else { c }).collect();
    format!("%{text}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_holds_no_sign_that_databases_read_otherwise() {
        assert_eq!(holding("E12"), "%E12%");
        assert_eq!(holding("a\\b_c\"d\t%"), "%a%b%c%d%%%");
    }
}
