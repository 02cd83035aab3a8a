//! What is wrong with a command line, in the reader's language: which argument, what it takes, what to type instead.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use tally_kernel::{Error, Message, msg};

/// The sentence; nothing where the parser only shows its help or its version.
pub fn refused(error: &clap::Error) -> Option<Message> {
    let arg = || text(error, ContextKind::InvalidArg);
    let value = || text(error, ContextKind::InvalidValue);
    Some(match error.kind() {
        ErrorKind::InvalidValue if value().is_empty() => msg!("ARG_WITHOUT_VALUE", arg = arg()),
        ErrorKind::InvalidValue => {
            msg!("ARG_VALUE_WRONG", arg = arg(), value = value(), expected = one_of(error, ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => msg!("ARG_VALUE_WRONG", arg = arg(), value = value(), expected = expected(error)),
        ErrorKind::UnknownArgument => match text(error, ContextKind::SuggestedArg) {
            near if near.is_empty() => msg!("ARG_UNKNOWN", arg = arg()),
            near => msg!("ARG_UNKNOWN.near", arg = arg(), near),
        },
        ErrorKind::InvalidSubcommand => {
            let name = text(error, ContextKind::InvalidSubcommand);
            match text(error, ContextKind::SuggestedSubcommand) {
                near if near.is_empty() => msg!("COMMAND_UNKNOWN", name),
                near => msg!("COMMAND_UNKNOWN.near", name, near),
            }
        }
        ErrorKind::MissingRequiredArgument => msg!("ARG_MISSING", arg = arg()),
        ErrorKind::MissingSubcommand => msg!("COMMAND_MISSING", known = text(error, ContextKind::ValidSubcommand)),
        ErrorKind::ArgumentConflict => {
            msg!("ARG_CONFLICT", arg = arg(), other = text(error, ContextKind::PriorArg))
        }
        ErrorKind::NoEquals | ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            msg!("ARG_VALUES_WRONG", arg = arg())
        }
        ErrorKind::InvalidUtf8 => msg!("ARG_NOT_TEXT"),
        ErrorKind::Io | ErrorKind::Format => Message::told(error.to_string()),
        _ => return None,
    })
}

/// How the command is typed, as the parser says it.
pub fn usage(error: &clap::Error) -> Option<String> {
    let usage = text(error, ContextKind::Usage);
    usage.strip_prefix("Usage: ").map(str::to_owned)
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(ContextValue::StyledStr(text)) => text.to_string(),
        Some(ContextValue::StyledStrs(texts)) => texts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Some(ContextValue::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn one_of(error: &clap::Error, kind: ContextKind) -> Message {
    msg!("EXPECT_ONE_OF", words = text(error, kind))
}

/// What a value must look like: the parser that refused it knows, and where it says too little its argument does.
fn expected(error: &clap::Error) -> Message {
    let arg = text(error, ContextKind::InvalidArg);
    let named = |names: &[&str]| names.iter().any(|name| arg.contains(name));
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<Error>()) {
        // Its own sentence says already that something is expected.
        Some(known) if known.reason() == "ID_MALFORMED" => return msg!("EXPECT_UUID"),
        Some(known) => return known.message().clone(),
        None => {}
    }
    if named(&["<DATE>"]) {
        return msg!("EXPECT_DATE");
    }
    if named(&["<INSTANT>"]) {
        return msg!("EXPECT_INSTANT");
    }
    if named(&["--listen"]) {
        return msg!("EXPECT_ADDRESS");
    }
    let told = source.map(ToString::to_string).unwrap_or_default();
    match told.rsplit_once(" is not in ").and_then(|(_, range)| range.split_once("..")) {
        Some((from, to)) => msg!("EXPECT_FROM_TO", from, to = to.trim_start_matches('=')),
        None if named(&["--days", "--records", "--seed"]) => msg!("EXPECT_WHOLE_NUMBER"),
        None => Message::told(told),
    }
}
