//! One cell: text to a value, or what is wrong with it and what to change. Pure.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use rust_decimal::{Decimal, RoundingStrategy};
use tally_kernel::near::distance;
use tally_kernel::{Currency, Message, limits, msg};

use super::diagnostics::Wrong;
use super::exported;

/// Full-width forms as their ASCII twins: `２０２６－０３` is `2026-03`.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| b >= 0x80) {
        return Cow::Borrowed(text);
    }
    let folded = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    };
    let folded: String = text.chars().map(folded).collect();
    Cow::Owned(folded.trim().to_owned())
}

/// A zone by its IANA name, from the bundled database alone: the machine's own may be of another release.
pub(crate) fn zone(name: &str) -> Result<TimeZone, Wrong> {
    TimeZoneDatabase::bundled()
        .get(name)
        .map_err(|_| Wrong::new(msg!("NO_TIME_ZONE", text = shown(name)), msg!("NO_TIME_ZONE_CURE")))
}

/// An id: folded, not empty.
pub(crate) fn id(text: &str) -> Result<Cow<'_, str>, Wrong> {
    short(fold(text))
}

/// A name: as written, not empty.
pub(crate) fn name(text: &str) -> Result<String, Wrong> {
    short(Cow::Borrowed(text)).map(Cow::into_owned)
}

fn short(text: Cow<'_, str>) -> Result<Cow<'_, str>, Wrong> {
    if text.is_empty() {
        return Err(Wrong::new(msg!("IT_IS_EMPTY"), msg!("IT_IS_EMPTY_CURE")));
    }
    at_most(text, limits::TEXT)
}

/// The text, where it has no more characters than the suite takes.
pub(crate) fn at_most(text: Cow<'_, str>, most: usize) -> Result<Cow<'_, str>, Wrong> {
    if text.len() > most && text.chars().count() > most {
        return Err(Wrong::new(msg!("TOO_MANY_CHARACTERS", most), msg!("TOO_MANY_CHARACTERS_CURE")));
    }
    Ok(text)
}

/// Text cut for a message.
pub(crate) fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        cut.push('…');
    }
    cut
}

/// true, false, 1, 0, yes, no, 是, 否.
pub(crate) fn boolean(text: &str) -> Result<bool, Wrong> {
    let folded = fold(text);
    let text = exported::word(&folded);
    match text {
        "1" | "是" => return Ok(true),
        "0" | "否" => return Ok(false),
        _ => {}
    }
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => Err(Wrong::new(msg!("NEITHER_YES_NOR_NO", text = shown(text)), msg!("NEITHER_YES_NOR_NO_CURE"))),
    }
}

/// How many dialogues one person holds at once.
pub(crate) fn small_count(text: &str) -> Result<u32, Wrong> {
    let text = fold(text);
    match text.parse::<u32>() {
        Ok(n @ 1..=limits::CAPACITY) => Ok(n),
        _ => Err(Wrong::new(msg!("NO_SMALL_COUNT", text = shown(&text)), msg!("NO_SMALL_COUNT_CURE"))),
    }
}

/// A decimal of at most 15 digits before the point, rounded half-even to 6 after it; no exponent, no grouping.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    let text = fold(text);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.as_ref()),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !all_digits(whole) || !all_digits(part) {
        return None;
    }
    if whole.trim_start_matches('0').len() > limits::DIGITS as usize || whole.len() > 30 || part.len() > 40 {
        return None;
    }
    // Twelve digits are enough to round the sixth; a longer tail only matters when it breaks a tie.
    let mantissa = whole.bytes().chain(part.bytes().take(12)).fold(0_i128, |m, b| m * 10 + i128::from(b - b'0'));
    let tail = part.bytes().skip(12).any(|b| b != b'0');
    let scale = part.len().min(12) as u32;
    let exact = Decimal::try_from_i128_with_scale(mantissa, scale).ok()?;
    let exact = if tail { exact + Decimal::new(1, 13) } else { exact };
    let mut rounded = exact.round_dp_with_strategy(6, RoundingStrategy::MidpointNearestEven).normalize();
    // Nines may have become a digit more.
    if rounded.trunc().mantissa() >= 10_i128.pow(limits::DIGITS) {
        return None;
    }
    rounded.set_sign_negative(negative && !rounded.is_zero());
    Some(rounded)
}

/// A measured number from 0 to `most`, which stands in its file as `written`.
pub(crate) fn measured(text: &str, most: u32, written: &str) -> Result<Decimal, Wrong> {
    let digits = fold(text).bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let read = decimal(text);
    if read.is_some_and(|n| n > Decimal::from(most)) || read.is_none() && digits && text.len() > 15 {
        let reason = msg!("NUMBER_ABOVE_RANGE", text = shown(written));
        return Err(Wrong::new(reason, msg!("NUMBER_ABOVE_RANGE_CURE", most)));
    }
    match read {
        Some(n) if n.is_sign_negative() => Err(Wrong::new(msg!("IT_IS_NEGATIVE"), msg!("IT_IS_NEGATIVE_CURE"))),
        Some(n) => Ok(n),
        None => Err(Wrong::new(msg!("NO_NUMBER", text = shown(text)), msg!("NO_NUMBER_CURE"))),
    }
}

/// Decimal places of a currency: ISO 4217's exceptions to two.
pub(crate) fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// Where an amount stands, for what is said of it.
#[derive(Clone, Copy)]
pub(crate) enum Stands<'a> {
    /// In a cell of a group that does not say how it writes numbers.
    InCell,
    /// In a cell, written so as group.yaml says, with this sign before decimals.
    AsTold { written: &'a str, decimal: char },
    /// In a YAML file.
    InYaml,
}

/// An amount in major units, as minor units.
pub(crate) fn money(text: &str, currency: &str, stands: Stands<'_>) -> Result<i64, Wrong> {
    let text = fold(text);
    let digits = minor_digits(currency);
    let written = match stands {
        Stands::AsTold { written, .. } => shown(&fold(written)),
        Stands::InCell | Stands::InYaml => shown(&text),
    };
    if text.len() > 1 && text.starts_with('-') {
        return Err(Wrong::new(msg!("NEGATIVE_AMOUNT", text = written), msg!("NEGATIVE_AMOUNT_CURE")));
    }
    let (whole, part) = text.split_once('.').unwrap_or((text.as_ref(), ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !all_digits(whole) || !all_digits(part) {
        let cure = match stands {
            Stands::InYaml => msg!("NO_AMOUNT_CURE.yaml"),
            Stands::InCell | Stands::AsTold { .. } => msg!("NO_AMOUNT_CURE"),
        };
        return Err(Wrong::new(msg!("NO_AMOUNT", text = written), cure));
    }
    // Zeros at the end count where they may be grouping: 1.000 may be a thousand.
    let kept = if is_grouped(&text, '.') { part } else { part.trim_end_matches('0') };
    if kept.len() > digits as usize {
        return Err(too_fine((whole, part), written, currency, stands));
    }
    let padding = std::iter::repeat_n(b'0', digits as usize - kept.len());
    let sum = whole.bytes().chain(kept.bytes()).chain(padding);
    let minor = sum.into_iter().try_fold(0_i64, |m, b| m.checked_mul(10)?.checked_add(i64::from(b - b'0')));
    minor.ok_or_else(|| huge(&written))
}

/// An amount with more decimals than its currency has: what may be meant by it, where one can tell.
fn too_fine((whole, part): (&str, &str), text: String, currency: &str, stands: Stands<'_>) -> Wrong {
    let digits = minor_digits(currency);
    let sign = match stands {
        Stands::InCell => {
            return Wrong::new(msg!("AMOUNT_DECIMALS", text, currency, digits), msg!("AMOUNT_DECIMALS_CURE"));
        }
        Stands::AsTold { decimal, .. } => decimal,
        Stands::InYaml => '.',
    };
    let reason = match stands {
        Stands::AsTold { .. } => msg!("AMOUNT_DECIMALS.told", text, currency, digits, sign),
        Stands::InCell | Stands::InYaml => msg!("AMOUNT_DECIMALS", text, currency, digits),
    };
    if !is_grouped(&format!("{whole}.{part}"), '.') {
        return Wrong::new(reason, msg!("AMOUNT_DECIMALS_CURE.round"));
    }
    let (kept, rest) = part.split_at(part.len().min(digits as usize));
    let joined = format!("{whole}{part}");
    let cure = if rest.bytes().any(|b| b != b'0') {
        msg!("AMOUNT_DECIMALS_CURE.whole", whole = joined)
    } else if kept.is_empty() {
        msg!("AMOUNT_DECIMALS_CURE.either", whole = joined, decimal = whole)
    } else {
        msg!("AMOUNT_DECIMALS_CURE.either", whole = joined, decimal = format!("{whole}{sign}{kept}"))
    };
    Wrong::new(reason, cure)
}

/// The same of one record, which has a bound that a pool has not.
pub(crate) fn amount_of_record(text: &str, currency: &str, stands: Stands<'_>) -> Result<i64, Wrong> {
    let minor = money(text, currency, stands)?;
    let written = match stands {
        Stands::AsTold { written, .. } => written,
        Stands::InCell | Stands::InYaml => text,
    };
    if minor <= limits::AMOUNT_MINOR { Ok(minor) } else { Err(huge(&fold(written))) }
}

/// What a refund pays back: the amount behind its minus.
pub(crate) fn paid_back(text: &str) -> Option<&str> {
    let text = text.trim();
    text.strip_prefix(['-', '\u{2212}', '\u{ff0d}']).map(str::trim_start).filter(|rest| !rest.is_empty())
}

/// A currency of ISO 4217, or what Chinese exports call the yuan.
pub(crate) fn currency(text: &str) -> Result<Currency, Wrong> {
    let text = fold(text).to_uppercase();
    let code = match text.as_str() {
        "人民币" | "RMB" => "CNY",
        other => other,
    };
    code.parse().map_err(|_| Wrong::new(msg!("NO_CURRENCY", text = shown(&text)), msg!("NO_CURRENCY_CURE")))
}

/// A number by which versions of a record are told apart.
pub(crate) fn revision(text: &str) -> Result<u64, Wrong> {
    let read = fold(text).parse().ok().filter(|revision| i64::try_from(*revision).is_ok());
    read.ok_or_else(|| Wrong::new(msg!("NO_REVISION", text = shown(text)), msg!("NO_REVISION_CURE")))
}

fn huge(text: &str) -> Wrong {
    Wrong::new(msg!("HUGE_AMOUNT", text = shown(text)), msg!("HUGE_AMOUNT_CURE"))
}

/// Minor units as a decimal in major units, with all its places.
pub fn major(minor: i64, currency: &str) -> String {
    let digits = minor_digits(currency) as usize;
    if digits == 0 {
        return minor.to_string();
    }
    let text = format!("{:0>width$}", minor.unsigned_abs(), width = digits + 1);
    let (whole, part) = text.split_at(text.len() - digits);
    format!("{}{whole}.{part}", if minor < 0 { "-" } else { "" })
}

/// `2026年3月2日 8:58` as `2026-3-2 8:58`.
fn western(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains('年') {
        return text;
    }
    Cow::Owned(text.replace(['年', '月'], "-").replace('日', " ").trim().to_owned())
}

/// A date: `2026-03-02`, `2026/3/2` or `2026年3月2日`.
pub(crate) fn date(text: &str) -> Result<Date, Wrong> {
    let text = western(fold(text));
    let parsed = take_date(text.as_bytes()).filter(|(_, rest)| rest.is_empty());
    parsed
        .and_then(|(ymd, _)| civil_date(ymd))
        .ok_or_else(|| Wrong::new(msg!("NO_DATE", text = shown(&text)), msg!("NO_DATE_CURE")))
}

/// The last day of something, which an empty cell and a day beyond the year 2199 leave open: `9999-12-31` is what programs write
/// that know no end.
pub(crate) fn end_date(text: &str) -> Result<Option<Date>, Wrong> {
    let folded = western(fold(text));
    let beyond = |((year, month, day), rest): (Ymd, &[u8])| {
        year >= 2200 && rest.is_empty() && (1..=12).contains(&month) && (1..=31).contains(&day)
    };
    if folded.is_empty() || take_date(folded.as_bytes()).is_some_and(beyond) { Ok(None) } else { date(text).map(Some) }
}

/// A moment, and what the clock on the wall of `zone` showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub at: Timestamp,
    pub local: DateTime,
    /// The second time that the clock showed it, where it does twice and no offset says which.
    pub again: Option<Timestamp>,
}

/// A time: RFC 3339 with an offset, or the local time of `zone`; `24:00` is the next day's `00:00`. A local time that comes
/// twice is the first.
pub(crate) fn moment(text: &str, zone: &TimeZone) -> Result<Moment, Wrong> {
    let text = western(fold(text));
    let Some((civil, offset)) = take_moment(text.as_bytes()) else {
        let reason = if text.is_empty() { msg!("IT_IS_EMPTY") } else { msg!("NO_TIME", text = shown(&text)) };
        return Err(Wrong::new(reason, msg!("NO_TIME_CURE")));
    };
    if let Some(offset) = offset {
        let at = offset.to_timestamp(civil).map_err(|_| beyond_range())?;
        return Ok(Moment { at, local: zone.to_datetime(at), again: None });
    }
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    if let AmbiguousOffset::Gap { before, after } = ambiguous.offset() {
        let zone = zone.iana_name().map_or_else(|| msg!("THAT_ZONE"), Message::told);
        let reason = msg!("TIME_SKIPPED", time = civil, zone, before, after);
        return Err(Wrong::new(reason, msg!("TIME_SKIPPED_CURE", time = civil, offset = colons(after))));
    }
    let at = ambiguous.compatible().map_err(|_| beyond_range())?;
    let twice = matches!(ambiguous.offset(), AmbiguousOffset::Fold { .. });
    let again = if twice { ambiguous.later().ok() } else { None };
    Ok(Moment { at, local: civil, again })
}

fn beyond_range() -> Wrong {
    Wrong::new(msg!("TIME_BEYOND_RANGE"), msg!("TIME_BEYOND_RANGE_CURE"))
}

impl Moment {
    /// The second time that the clock showed it, where nothing says yet which is meant.
    pub fn doubtful(&self) -> Option<Timestamp> {
        self.again.filter(|again| *again != self.at)
    }

    /// Becomes the second time that the clock showed it where that one fits; tells whether it did.
    pub fn take_second(&mut self, fits: impl Fn(Timestamp) -> bool) -> bool {
        let second = self.again.filter(|again| fits(*again));
        self.at = second.unwrap_or(self.at);
        second.is_some()
    }
}

fn colons(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

fn take_moment(text: &[u8]) -> Option<(DateTime, Option<Offset>)> {
    let (ymd, rest) = take_date(text)?;
    let rest = match rest {
        [b'T' | b't' | b' ', rest @ ..] => rest.trim_ascii_start(),
        _ => return None,
    };
    let (hour, rest) = take_number(rest, 1, 2)?;
    let (minute, rest) = take_number(rest.strip_prefix(b":")?, 2, 2)?;
    let (second, rest) = match rest {
        [b':', rest @ ..] => take_number(rest, 2, 2)?,
        _ => (0, rest),
    };
    let (nanos, rest) = match rest {
        [b'.', rest @ ..] => take_fraction(rest)?,
        _ => (0, rest),
    };
    let midnight = (hour, minute, second, nanos) == (24, 0, 0, 0);
    let hour = if midnight { 0 } else { hour };
    let time = Time::new(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, nanos).ok()?;
    let offset = match rest.trim_ascii() {
        [] => None,
        [b'Z' | b'z'] => Some(Offset::UTC),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, rest) = take_number(rest, 2, 2)?;
            let (minutes, rest) = match rest {
                [] => (0, rest),
                rest => take_number(rest.strip_prefix(b":").unwrap_or(rest), 2, 2)?,
            };
            let seconds = (hours * 60 + minutes) * 60;
            let seconds = if *sign == b'-' { -seconds } else { seconds };
            let plausible = rest.is_empty() && minutes < 60 && hours <= 18;
            Some(Offset::from_seconds(seconds).ok().filter(|_| plausible)?)
        }
        _ => return None,
    };
    let day = civil_date(ymd)?;
    let day = if midnight { day.tomorrow().ok()? } else { day };
    Some((day.to_datetime(time), offset))
}

/// Year, month and day, not yet checked.
type Ymd = (i32, i32, i32);

fn take_date(text: &[u8]) -> Option<(Ymd, &[u8])> {
    let (year, rest) = take_number(text, 4, 4)?;
    let [separator @ (b'-' | b'/'), rest @ ..] = rest else { return None };
    let (month, rest) = take_number(rest, 1, 2)?;
    let rest = rest.strip_prefix(std::slice::from_ref(separator))?;
    let (day, rest) = take_number(rest, 1, 2)?;
    Some(((year, month, day), rest))
}

fn civil_date((year, month, day): Ymd) -> Option<Date> {
    // A wider range is a mistake in practice, and would overflow sums of days.
    if !limits::YEARS.contains(&year) {
        return None;
    }
    Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}

fn take_number(text: &[u8], least: usize, most: usize) -> Option<(i32, &[u8])> {
    let len = text.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
    if len < least {
        return None;
    }
    Some((text[..len].iter().fold(0, |n, b| n * 10 + i32::from(b - b'0')), &text[len..]))
}

fn take_fraction(text: &[u8]) -> Option<(i32, &[u8])> {
    let len = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=9).contains(&len) {
        return None;
    }
    let (digits, rest) = take_number(text, len, len)?;
    Some((digits * 10_i32.pow(9 - len as u32), rest))
}

/// The nearest of `words` to `word`, when it is near enough to have been meant.
pub fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: String = word.chars().take(40).collect();
    let best = words.into_iter().map(|w| (distance(&word, w), w)).min()?;
    (best.0 <= 1 + best.1.chars().count() / 3).then_some(best.1)
}

/// Whether a text is digits in groups of three: `1.000`, `12.500.000`. No number with grouping begins with 0: `0.125` is a decimal.
pub(crate) fn is_grouped(text: &str, sign: char) -> bool {
    let mut groups = text.trim_start_matches('-').split(sign);
    let digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let first =
        groups.next().is_some_and(|group| (1..=3).contains(&group.len()) && digits(group) && !group.starts_with('0'));
    let mut rest = groups.peekable();
    first && rest.peek().is_some() && rest.all(|group| group.len() == 3 && digits(group))
}

#[cfg(test)]
mod tests;
