//! What is logged: a level, or levels by module. The filter's own parser takes any word for the name of a module, so that a
//! misspelt level would log nothing, or everything, without a word.

use tally_kernel::{Message, msg};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The first part that is neither `LEVEL` nor `MODULE=LEVEL`.
pub(super) fn validate(filter: &str) -> Result<(), Message> {
    let wrong = filter.split(',').map(str::trim).find(|part| !is_sound(part));
    wrong.map_or(Ok(()), |part| Err(msg!("SETTING_LOG_LEVELS", part, levels = LEVELS.join(", "))))
}

fn is_sound(part: &str) -> bool {
    let (module, level) = part.split_once('=').unwrap_or(("all", part));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
    !module.is_empty() && module.chars().all(plain) && LEVELS.contains(&level.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::validate;

    #[test]
    fn levels_and_levels_of_modules_hold_and_anything_else_is_named() {
        for sound in ["info", "DEBUG", "off", "info,tally_store=debug", "warn, tally_rpc::stack=trace"] {
            assert_eq!(validate(sound), Ok(()), "{sound}");
        }
        for wrong in ["", "[[", "inof", "info,", "tally_store", "tally_store=loud", "=debug", "info,[x]=debug"] {
            assert_eq!(validate(wrong).map_err(|message| message.id()), Err("SETTING_LOG_LEVELS"), "{wrong}");
        }
    }
}
