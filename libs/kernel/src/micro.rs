//! A decimal with exactly six places, kept as an integer of millionths: what every named step of a score is rounded to.
//!
//! Rounding is half to even and happens in one function on exact integers, so a step has one result everywhere.
//! Overflow is `None`, never a wrap.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Kind};
use crate::msg;

/// Millionths in one.
const SCALE: i64 = 1_000_000;

/// A number with six decimal places. Serialized as a string with no more digits than needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micro(i64);

impl Micro {
    /// 0
    pub const ZERO: Self = Self(0);
    /// 1
    pub const ONE: Self = Self(SCALE);
    /// 100
    pub const HUNDRED: Self = Self(100 * SCALE);

    /// So many millionths.
    pub const fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }

    /// A small whole number.
    pub const fn from_int(n: i32) -> Self {
        Self(n as i64 * SCALE)
    }

    /// The millionths.
    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// `num / den`, rounded. `None` for a zero denominator or a result out of range.
    pub fn ratio(num: i128, den: i128) -> Option<Self> {
        Self::of_millionths(div_half_even(num.checked_mul(SCALE.into())?, den)?)
    }

    /// `self * by / over`, rounded once. `None` when `over` is zero or the result is out of range.
    pub fn mul_div(self, by: Self, over: Self) -> Option<Self> {
        Self::of_millionths(div_half_even(i128::from(self.0) * i128::from(by.0), over.0.into())?)
    }

    /// The sum.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The exact decimal.
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.0, 6)
    }

    /// With all six places, for tables: `86.500000`.
    pub fn fixed(self) -> String {
        let (sign, abs) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let scale = SCALE.unsigned_abs();
        format!("{sign}{}.{:06}", abs / scale, abs % scale)
    }

    fn of_millionths(millionths: i128) -> Option<Self> {
        i64::try_from(millionths).ok().map(Self)
    }
}

/// `num / den` to the nearest integer, a half to the even one. `None` for a zero denominator or on overflow.
pub fn div_half_even(num: i128, den: i128) -> Option<i128> {
    let (num, den) = if den < 0 { (num.checked_neg()?, den.checked_neg()?) } else { (num, den) };
    let (quotient, rest) = (num.checked_div_euclid(den)?, num.checked_rem_euclid(den)?);
    let up = match rest.cmp(&(den - rest)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    Some(quotient + i128::from(up))
}

impl FromStr for Micro {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || {
            let text: String = text.chars().take(40).collect();
            Error::of(Kind::InvalidArgument, msg!("DECIMAL_MALFORMED", text))
        };
        let trimmed = text.trim();
        let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let fraction = if fraction.len() > 1 { fraction.trim_end_matches('0') } else { fraction };
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || digits.ends_with('.') || fraction.len() > 6 || !plain(whole) || !plain(fraction) {
            return Err(bad());
        }
        let abs: i128 = format!("{whole}{fraction:0<6}").parse().map_err(|_| bad())?;
        Self::of_millionths(if trimmed.starts_with('-') { -abs } else { abs }).ok_or_else(bad)
    }
}

/// With no more digits than needed: `86.5`, `-0.000001`, `12`.
impl fmt::Display for Micro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.fixed().trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Micro {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Micro {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Takes a string, or the number a person wrote without quotes in a settings file.
struct Reader;

impl Visitor<'_> for Reader {
    type Value = Micro;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal with at most six places")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Micro, E> {
        text.parse().map_err(|e: Error| E::custom(e))
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Micro, E> {
        n.checked_mul(SCALE).map(Micro).ok_or_else(|| E::custom("the number is too large"))
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Micro, E> {
        self.visit_i64(i64::try_from(n).map_err(|_| E::custom("the number is too large"))?)
    }

    /// The parser of the file made a float of what was typed; its shortest text is again what was typed.
    fn visit_f64<E: de::Error>(self, n: f64) -> Result<Micro, E> {
        self.visit_str(&n.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_half_goes_to_the_even_neighbour_on_both_sides_of_zero() {
        let cases =
            [(5, 10, 0), (15, 10, 2), (25, 10, 2), (-5, 10, 0), (-15, 10, -2), (-25, 10, -2), (26, 10, 3), (7, -2, -4)];
        for (num, den, expected) in cases {
            assert_eq!(div_half_even(num, den), Some(expected), "{num}/{den}");
        }
        assert_eq!(div_half_even(1, 0), None);
        assert_eq!(Micro::ratio(1, 0), None);
        assert_eq!(Micro::ratio(2, 3), Some(Micro(666_667)));
        assert_eq!(Micro::HUNDRED.mul_div(Micro(1), Micro::from_int(3)), Some(Micro(33)));
        assert_eq!(Micro(i64::MAX).mul_div(Micro::HUNDRED, Micro::ONE), None);
    }

    #[test]
    fn decimals_are_read_and_shown_exactly() {
        for (text, millionths, shown) in [
            ("86.5", 86_500_000, "86.5"),
            ("-0.000001", -1, "-0.000001"),
            ("12", 12_000_000, "12"),
            ("+1.50000000", 1_500_000, "1.5"),
            ("100.0", 100_000_000, "100"),
            ("0", 0, "0"),
        ] {
            let read: Micro = text.parse().unwrap();
            assert_eq!((read.millionths(), read.to_string().as_str()), (millionths, shown), "{text}");
        }
        for text in ["", ".5", "5.", "1.2345678", "1e3", "-", "NaN", "1,5", "9223372036854.775808"] {
            assert_eq!(text.parse::<Micro>().unwrap_err().reason(), "DECIMAL_MALFORMED", "{text}");
        }
        assert_eq!(Micro(86_500_000).fixed(), "86.500000");
        assert_eq!(Micro(-1).decimal().to_string(), "-0.000001");
    }

    #[test]
    fn json_keeps_a_string_and_takes_plain_numbers_too() {
        assert_eq!(serde_json::to_string(&Micro(33_300_000)).unwrap(), r#""33.3""#);
        for json in [r#""33.3""#, "33.3"] {
            assert_eq!(serde_json::from_str::<Micro>(json).unwrap(), Micro(33_300_000));
        }
        assert_eq!(serde_json::from_str::<Micro>("40").unwrap(), Micro::from_int(40));
        assert!(serde_json::from_str::<Micro>("0.1234567").is_err() && serde_json::from_str::<Micro>("null").is_err());
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(millionths: i64) {
            let micro = Micro(millionths);
            prop_assert_eq!(micro.to_string().parse::<Micro>().unwrap(), micro);
            prop_assert_eq!(micro.fixed().parse::<Micro>().unwrap(), micro);
            prop_assert_eq!(micro.decimal(), micro.fixed().parse::<Decimal>().unwrap());
        }

        #[test]
        fn rounding_is_within_half_and_keeps_order(a: i64, b: i64, den in 1..i64::MAX) {
            let round = |n: i64| div_half_even(n.into(), den.into()).unwrap();
            prop_assert!((round(a) * i128::from(den) - i128::from(a)).abs() * 2 <= i128::from(den));
            prop_assert!(a > b || round(a) <= round(b));
        }
    }
}
