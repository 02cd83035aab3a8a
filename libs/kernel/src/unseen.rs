//! Characters that nobody sees: of two texts that look the same, one may hold some and be another text.

/// A character that takes no room on a screen: zero widths, marks of direction, soft hyphens, byte order marks.
pub fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || c.is_control()
}

/// A space that is none of a keyboard: those that do not break, narrow and wide ones.
pub fn is_odd_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}')
}

/// A character inside of a text that is not what it looks like. Beside those that take no room these are blanks that count as
/// letters, and marks that choose the form of the character before them.
pub fn is_odd(c: char) -> bool {
    let blank = matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    let mark = matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e007f}');
    is_odd_space(c) || blank || mark || (is_unseen(c) && !matches!(c, '\n' | '\r' | '\t'))
}

/// The first such character of an id, as people can look it up.
pub fn in_id(id: &str) -> Option<String> {
    let found = id.chars().find(|c| is_odd(*c) || is_unseen(*c))?;
    Some(code_point(found))
}

/// A character as people can look it up, such as `U+202E`.
pub fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_no_character_that_nobody_sees() {
        for (id, found) in [
            ("A-1", None),
            ("王 芳 7", None),
            ("a\u{202e}b", Some("U+202E")),
            ("a\u{200b}", Some("U+200B")),
            ("a\0", Some("U+0000")),
            ("a\tb", Some("U+0009")),
            ("a\u{a0}b", Some("U+00A0")),
            ("a\u{e0041}", Some("U+E0041")),
        ] {
            assert_eq!(in_id(id).as_deref(), found, "{id:?}");
        }
    }
}
