//! How messages stand in the code of the suite.

use std::collections::BTreeSet;

/// The library itself knows every kind and no reason.
pub fn is_ours(path: &str) -> bool {
    let source = path.starts_with("libs/") || path.starts_with("services/");
    source && path.contains("/src/") && !path.ends_with("tests.rs") && !path.contains("/tests/")
}

pub fn outside_tests(text: &str) -> &str {
    text.split("\nmod tests {\n").next().unwrap_or(text)
}

/// The reason of a message that begins here.
pub fn said_first(text: &str) -> Option<String> {
    let id = text.strip_prefix("msg!(")?.trim_start().strip_prefix('"')?.split('"').next()?;
    Some(id.split('.').next().unwrap_or(id).to_owned())
}

/// The reasons of the messages in an expression; what is said within a message is a part of it.
pub fn said(expression: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut rest = expression;
    while let Some(at) = rest.find("msg!(") {
        ids.extend(said_first(&rest[at..]));
        let inside = &rest[at + "msg!(".len()..];
        rest = &inside[closing(inside)..];
    }
    ids
}

/// The characters of code that stand in no text, with their places.
pub fn unquoted(code: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quoted, mut escaped) = (false, false);
    code.char_indices().filter(move |(_, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return !quoted,
        }
        false
    })
}

/// Where the bracket that is open before `text` closes.
pub fn closing(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in unquoted(text) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' | ';' if depth == 0 => return at,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
