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

/// Whether a character that is not what it looks like belongs to the one before it: a joiner, or a mark of form, behind an emoji
/// and in scripts that write with it.
pub fn belongs_to(before: char, c: char) -> bool {
    let joins = matches!(before, '\u{600}'..='\u{109f}' | '\u{200d}' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..);
    joins && !is_odd_space(c) && (matches!(c, '\u{200c}' | '\u{200d}') || !is_unseen(c))
}

/// The first such character of a name that people chose, in which emoji may stand.
pub fn in_name(name: &str) -> Option<String> {
    let mut before = ' ';
    let found = name.chars().find(|c| {
        let hidden = (is_odd(*c) || is_unseen(*c)) && !belongs_to(before, *c);
        before = *c;
        hidden
    })?;
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
            assert_eq!(in_name(id).as_deref(), found, "{id:?}");
        }
    }

    #[test]
    fn what_belongs_to_an_emoji_or_to_a_script_may_stand_in_a_name_and_in_no_id() {
        for (name, in_ids) in [
            ("\u{2764}\u{fe0f}小雨", "U+FE0F"),
            ("\u{1f469}\u{200d}\u{1f4bb}", "U+200D"),
            ("\u{645}\u{200c}\u{631}", "U+200C"),
        ] {
            assert_eq!(in_name(name), None, "{name:?}");
            assert_eq!(in_id(name).as_deref(), Some(in_ids), "{name:?}");
        }
        for (name, found) in
            [("王\u{200d}芳", "U+200D"), ("\u{2764}\u{200b}", "U+200B"), ("\u{2764}\u{a0}\u{fe0f}", "U+00A0")]
        {
            assert_eq!(in_name(name).as_deref(), Some(found), "{name:?}");
        }
    }
}
