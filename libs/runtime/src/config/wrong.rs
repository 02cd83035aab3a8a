//! What is wrong with a value of a setting: what it is, what is expected, and where it was set.

use figment::error::{Actual, Kind};
use figment::{Figment, Source};
use tally_kernel::{Message, msg};
use toml::{Table, Value};

use super::{ConfigError, DEFAULTS, error};

/// The first value that does not fit the tree.
pub(super) fn value(cause: figment::Error) -> ConfigError {
    let place = cause.metadata.as_ref().map_or_else(|| Message::told(""), set_in);
    let mut path = cause.path.clone();
    if let Kind::UnknownField(field, _) = &cause.kind {
        // The path ends with the field already where the value was set alone.
        path.extend((path.last() != Some(field)).then(|| field.clone()));
    }
    let key = path.join(".");
    let problem = match &cause.kind {
        Kind::UnknownField(_, known) => msg!("SETTING_NOT_KNOWN", known = known.join(", ")),
        Kind::InvalidType(actual, of) | Kind::InvalidValue(actual, of) => {
            let expected = most(of).map_or_else(|| expected(&key), |most| msg!("EXPECT_WHOLE_NUMBER.to", most));
            found(actual).map_or_else(
                || msg!("SETTING_EXPECTED.alone", expected),
                |found| msg!("SETTING_EXPECTED", found, expected),
            )
        }
        // A file that is no TOML has no keys.
        other if key.is_empty() => match place_in(&other.to_string()) {
            Some((line, column)) => msg!("SETTINGS_NOT_TOML.at", line, column),
            None => msg!("SETTINGS_NOT_TOML"),
        },
        _ => msg!("SETTING_EXPECTED.alone", expected = expected(&key)),
    };
    let key = if key.is_empty() { "--config" } else { &key };
    error(key, msg!("SETTING_SET_IN", problem, place))
}

/// The same error with the place where a user set it; what nobody set is wrong together with another setting.
pub(super) fn placed(figment: &Figment, wrong: ConfigError) -> ConfigError {
    match figment.find_metadata(&wrong.key) {
        Some(place) if place.source.is_none() && place.name.starts_with("TOML source string") => wrong,
        Some(place) => {
            let (problem, place) = (wrong.message, set_in(place));
            error(&wrong.key, msg!("SETTING_SET_IN", problem, place))
        }
        None => wrong,
    }
}

/// Where it was set.
fn set_in(place: &figment::Metadata) -> Message {
    match &place.source {
        Some(Source::File(file)) => msg!("SETTING_IN_FILE", file = file.display()),
        _ => match place.name.strip_prefix("environment variable ") {
            Some(name) => msg!("SETTING_IN_VARIABLE", name),
            None => msg!("SETTING_ON_COMMAND_LINE"),
        },
    }
}

fn found(actual: &Actual) -> Option<String> {
    Some(match actual {
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Char(value) => value.to_string(),
        Actual::Str(value) => value.clone(),
        _ => return None,
    })
}

/// The largest number of a type of whole numbers from 0. TOML writes none above 63 bits.
fn most(of: &str) -> Option<u64> {
    match of {
        "u16" => Some(u16::MAX.into()),
        "u32" => Some(u32::MAX.into()),
        "u64" | "usize" => Some(i64::MAX.unsigned_abs()),
        _ => None,
    }
}

/// What a key takes: the defaults show it.
fn expected(key: &str) -> Message {
    match key {
        "server.listen" | "server.http" => return msg!("EXPECT_ADDRESS"),
        "telemetry.format" => return msg!("EXPECT_ONE_OF", words = "pretty, json"),
        _ => {}
    }
    let defaults: Table = DEFAULTS.parse().unwrap_or_default();
    let mut at = Value::Table(defaults);
    for part in key.split('.') {
        match at.get(part) {
            Some(next) => at = next.clone(),
            None => return msg!("EXPECT_OTHER"),
        }
    }
    match at {
        Value::Integer(_) => msg!("EXPECT_WHOLE_NUMBER"),
        Value::Boolean(_) => msg!("EXPECT_TRUE_OR_FALSE"),
        Value::String(_) => msg!("EXPECT_TEXT"),
        Value::Array(_) => msg!("EXPECT_LIST"),
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => msg!("EXPECT_OTHER"),
    }
}

/// The line and the column that the parser's message, many lines of English, begins with.
fn place_in(text: &str) -> Option<(u32, u32)> {
    let (_, rest) = text.split_once("at line ")?;
    let (line, rest) = rest.split_once(", column ")?;
    let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((line.parse().ok()?, column.parse().ok()?))
}
