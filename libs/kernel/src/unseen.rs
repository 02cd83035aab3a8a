//! Characters that nobody sees: of two texts that look the same, one may hold some and be another text.

/// A character that takes no room on a screen: zero widths, marks of direction, soft hyphens, byte order marks, breaks of lines,
/// and what is no character at all. With [`is_odd`] these are Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt
/// of Unicode 16) and the few beside it that show nothing.
pub fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(c) & 0xfffe == 0xfffe
        || c.is_control()
}

/// A space that is none of a keyboard: those that do not break, narrow and wide ones.
pub fn is_odd_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}')
}

/// A character inside of a text that is not what it looks like. Beside those that take no room these are blanks that count as
/// letters, and marks that choose the form of the character before them.
pub fn is_odd(c: char) -> bool {
    let blank = matches!(c, '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}');
    let mark = matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}');
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
    let joins = matches!(before, '\u{600}'..='\u{109f}' | '\u{1800}'..='\u{18af}' | '\u{200d}' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..);
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
            ("a\u{17b4}", Some("U+17B4")),
            ("\u{180b}a", Some("U+180B")),
            ("a\u{2028}b", Some("U+2028")),
            ("a\u{2800}", Some("U+2800")),
            ("a\u{fff0}", Some("U+FFF0")),
            ("a\u{fffe}", Some("U+FFFE")),
            ("a\u{1d173}", Some("U+1D173")),
            ("龍\u{e0100}", Some("U+E0100")),
            ("a\u{10ffff}", Some("U+10FFFF")),
        ] {
            assert_eq!(in_id(id).as_deref(), found, "{id:?}");
            assert_eq!(in_name(id).as_deref(), found, "{id:?}");
        }
    }

    /// Default_Ignorable_Code_Point in DerivedCoreProperties.txt of Unicode 16.
    const IGNORABLE: [(u32, u32); 17] = [
        (0xad, 0xad),
        (0x34f, 0x34f),
        (0x61c, 0x61c),
        (0x115f, 0x1160),
        (0x17b4, 0x17b5),
        (0x180b, 0x180f),
        (0x200b, 0x200f),
        (0x202a, 0x202e),
        (0x2060, 0x206f),
        (0x3164, 0x3164),
        (0xfe00, 0xfe0f),
        (0xfeff, 0xfeff),
        (0xffa0, 0xffa0),
        (0xfff0, 0xfff8),
        (0x1bca0, 0x1bca3),
        (0x1d173, 0x1d17a),
        (0xe0000, 0xe0fff),
    ];

    #[test]
    fn every_character_that_unicode_ignores_is_told_and_no_letter_digit_or_emoji() {
        for (first, last) in IGNORABLE {
            for c in (first..=last).filter_map(char::from_u32) {
                assert_eq!(in_id(&format!("a{c}b")), Some(code_point(c)));
            }
        }
        for seen in ('!'..='~').chain('ก'..='ฮ').chain('一'..='龥').chain('😀'..='😿') {
            assert_eq!(in_id(&seen.to_string()), None, "{seen}");
        }
    }

    #[test]
    fn what_belongs_to_an_emoji_or_to_a_script_may_stand_in_a_name_and_in_no_id() {
        for (name, in_ids) in [
            ("\u{2764}\u{fe0f}小雨", "U+FE0F"),
            ("\u{1f469}\u{200d}\u{1f4bb}", "U+200D"),
            ("\u{645}\u{200c}\u{631}", "U+200C"),
            ("\u{182d}\u{180b}", "U+180B"),
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
