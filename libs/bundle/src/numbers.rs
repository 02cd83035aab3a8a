//! How a group writes its numbers: which sign stands before decimals, and which between thousands. `1.000` is one or a
//! thousand, and nobody can tell from the cell.

use std::borrow::Cow;
use tally_kernel::{Message, msg};

use super::cell::{Stands, decimal, fold, is_grouped, shown};
use super::diagnostics::Wrong;
use super::exported;
use super::yaml::Fields;

/// The way in which the cells of a file are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// Digits and a point: what is not said otherwise.
    Point,
    /// Likewise, in a file that looks like one with decimal commas: a point before three digits is refused.
    Doubtful,
    /// As group.yaml says.
    Told { decimal: char, grouping: Option<char> },
}

/// Reads `numbers: {decimal, grouping}` of group.yaml.
pub(crate) fn read_numbers(fields: &mut Fields<'_>) -> Option<Numbers> {
    let mut numbers = fields.nested("numbers")?;
    let decimal = numbers.word("decimal", &[(".", '.'), (",", ',')]);
    let signs = [(".", '.'), (",", ','), ("'", '\''), ("space", ' ')];
    let grouping = if numbers.has("grouping") { Some(numbers.word("grouping", &signs)) } else { None };
    if decimal.is_some() && grouping.flatten() == decimal {
        numbers.note("grouping", msg!("GROUP_SAME_SIGN"));
    }
    if !numbers.has("decimal") {
        numbers.missing::<()>("decimal");
    }
    numbers.finish();
    Some(Numbers::Told { decimal: decimal?, grouping: grouping.flatten() })
}

/// Notes the numbers of a YAML file that may be meant as grouped, as group.yaml says that cells are: `60.000` is sixty here and
/// sixty thousand there.
pub(crate) fn refuse_grouped(numbers: Option<Numbers>, fields: &Fields<'_>) {
    let Some(numbers) = numbers else { return };
    for (path, text) in fields.written() {
        let Some(plain) = numbers.ungrouped(&text) else { continue };
        let text = shown(&text);
        let pointed = decimal(&text).map(|decimal| decimal.normalize());
        let problem = match pointed.map(|decimal| (decimal, decimal.scale())) {
            Some((decimal, 0)) => msg!("SETTING_GROUPED_OR_DECIMAL", text, plain, decimal = format!("{decimal}.0")),
            Some((decimal, 3)) => msg!("SETTING_GROUPED_OR_DECIMAL", text, plain, decimal = format!("{decimal}0")),
            Some((decimal, _)) => msg!("SETTING_GROUPED_OR_DECIMAL", text, plain, decimal),
            None => msg!("SETTING_GROUPED", text, plain),
        };
        fields.note(&path, problem);
    }
}

impl Numbers {
    /// The number with a point and without grouping.
    pub fn plain(self, text: &str) -> Result<Cow<'_, str>, Wrong> {
        let text = fold(text);
        match self {
            Self::Point | Self::Doubtful if is_spaced(&text) => {
                Err(Wrong::new(msg!("GROUPED_BY_SPACE", text = shown(&text)), msg!("GROUPED_BY_SPACE_CURE")))
            }
            Self::Point => Ok(text),
            Self::Doubtful if is_grouped(&text, '.') => {
                Err(Wrong::new(msg!("MAY_BE_GROUPED", text = shown(&text)), msg!("MAY_BE_GROUPED_CURE")))
            }
            Self::Doubtful => Ok(text),
            Self::Told { decimal, grouping } => match pointed(&text, decimal, grouping) {
                Some(plain) => Ok(Cow::Owned(plain)),
                None => {
                    let reason = msg!("NOT_AS_GROUP_YAML", text = shown(&text));
                    let cure = match grouping {
                        None => msg!("NOT_AS_GROUP_YAML_CURE", decimal),
                        Some(' ') => msg!("NOT_AS_GROUP_YAML_CURE.spaced", decimal),
                        Some(grouping) => msg!("NOT_AS_GROUP_YAML_CURE.grouped", decimal, grouping),
                    };
                    Err(Wrong::new(reason, cure))
                }
            },
        }
    }

    /// How an amount that was read so stands in its cell, for what is said of it.
    pub fn stands(self, written: &str) -> Stands<'_> {
        match self {
            Self::Point | Self::Doubtful => Stands::InCell,
            Self::Told { decimal, .. } => Stands::AsTold { written, decimal },
        }
    }

    /// A cell of an extra column: a number as the others are written, any other text as it is; and what is wrong with it if the
    /// column is one of numbers.
    pub fn of_extra(self, text: &str) -> (Cow<'_, str>, Option<Wrong>) {
        match self.plain(text) {
            Ok(plain) if decimal(&plain).is_some() => (plain, None),
            Ok(_) => (text.into(), None),
            Err(wrong) => (text.into(), self.doubts(text).then_some(wrong)),
        }
    }

    /// Why a cell is no number.
    pub fn oddity(self, text: &str) -> Message {
        let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-');
        let has_digits = text.contains(|c: char| c.is_ascii_digit());
        match self.plain(text) {
            Err(wrong) if has_digits => wrong.reason,
            _ if has_digits && text.contains(',') && text.chars().all(number) => {
                msg!("NO_NUMBER.comma", text = shown(text))
            }
            _ if has_exponent(text) => msg!("NO_NUMBER.exponent", text = shown(text)),
            _ => msg!("NO_NUMBER", text = shown(text)),
        }
    }

    /// Whether a text that is not written so would be taken for a number all the same.
    fn doubts(self, text: &str) -> bool {
        match self {
            Self::Point | Self::Told { decimal: '.', .. } => false,
            Self::Doubtful => is_grouped(text, '.'),
            Self::Told { .. } => decimal(text).is_some(),
        }
    }

    /// What a number of a YAML file, which has a point before decimals and no grouping, may be meant as where group.yaml groups
    /// the numbers of the cells so: the number without grouping.
    pub fn ungrouped(self, text: &str) -> Option<String> {
        let Self::Told { decimal, grouping: Some(sign) } = self else { return None };
        let text = fold(text);
        let (whole, _) = text.split_once(decimal).unwrap_or((&text, ""));
        if is_grouped(whole, sign) { pointed(&text, decimal, Some(sign)) } else { None }
    }
}

/// Whether a number is written with an exponent, such as `1.5E+3`.
fn has_exponent(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    decimal(mantissa).is_some() && !exponent.is_empty() && exponent.bytes().all(|b| b.is_ascii_digit())
}

/// Whether spaces stand between the digits of a number, as `1 234,50` has them.
fn is_spaced(text: &str) -> bool {
    let is_space = |c: char| c == ' ' || exported::is_odd_space(c);
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-') || is_space(c);
    text.contains(is_space) && text.contains(|c: char| c.is_ascii_digit()) && text.chars().all(number)
}

fn pointed(text: &str, decimal: char, grouping: Option<char>) -> Option<String> {
    let (whole, part) = text.split_once(decimal).unwrap_or((text, ""));
    // Spaces that do not break and narrow ones group as well, and so does the apostrophe of print.
    let typed = |c: char| match c {
        '\u{2019}' => '\'',
        space if exported::is_odd_space(space) => ' ',
        other => other,
    };
    let whole: String = whole.chars().map(typed).collect();
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let whole = match grouping.filter(|sign| whole.contains(*sign)) {
        Some(sign) if is_grouped(&whole, sign) => whole.replace(sign, ""),
        Some(_) => return None,
        None => whole,
    };
    let unsigned = whole.strip_prefix('-').unwrap_or(&whole);
    let right = !unsigned.is_empty() && digits(unsigned) && digits(part);
    right.then(|| if part.is_empty() { whole.clone() } else { format!("{whole}.{part}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(numbers: Numbers, text: &str) -> Option<String> {
        numbers.plain(text).ok().map(Cow::into_owned)
    }

    #[test]
    fn a_number_is_read_as_group_yaml_says_or_not_at_all() {
        let german = Numbers::Told { decimal: ',', grouping: Some('.') };
        for (text, right) in [
            ("1.000", Some("1000")),
            ("12.500,75", Some("12500.75")),
            ("999", Some("999")),
            ("-1.234,5", Some("-1234.5")),
            ("1.00", None),
            ("1.5", None),
            ("1,000.5", None),
            ("", None),
            ("0.125", None),
            ("000.125", None),
            ("010.125", None),
            ("-0.125", None),
            ("0.000.125", None),
            ("0,125", Some("0.125")),
        ] {
            assert_eq!(plain(german, text).as_deref(), right, "{text}");
        }
        let french = Numbers::Told { decimal: ',', grouping: Some(' ') };
        assert_eq!(plain(french, "1\u{202f}234,56").as_deref(), Some("1234.56"));
        assert_eq!(plain(french, "0 125"), None);
        assert_eq!(plain(Numbers::Told { decimal: '.', grouping: Some(',') }, "0,125"), None);
        let swiss = Numbers::Told { decimal: '.', grouping: Some('\'') };
        for text in ["1'234.50", "1’234.50"] {
            assert_eq!(plain(swiss, text).as_deref(), Some("1234.50"));
        }
        for text in ["1 234,56", "1\u{a0}234,56", "1\u{2009}234,56"] {
            assert_eq!(plain(french, text).as_deref(), Some("1234.56"), "{text}");
            for others in [Numbers::Point, Numbers::Doubtful] {
                assert!(others.plain(text).unwrap_err().cure == msg!("GROUPED_BY_SPACE_CURE"), "{text}");
            }
            assert_eq!(plain(german, text), None);
        }
        assert_eq!(plain(Numbers::Point, "12 sec").as_deref(), Some("12 sec"));
    }

    #[test]
    fn what_may_be_grouping_is_refused_where_commas_may_be_decimals() {
        for text in ["1.000", "12.500", "1.234.567"] {
            assert!(Numbers::Doubtful.plain(text).unwrap_err().cure == msg!("MAY_BE_GROUPED_CURE"), "{text}");
        }
        for text in ["1.5", "12.50", "1000", "0.1234", "0.125", "-0.125", "00.125"] {
            assert_eq!(plain(Numbers::Doubtful, text).as_deref(), Some(text));
        }
    }
}
