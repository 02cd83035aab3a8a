//! Rates of exchange and the conversion of money by one of them. A rate is a decimal above zero; money that is converted is
//! computed as a fraction of whole numbers and rounded once, to the nearest minor unit and a half to the even one. What was
//! quoted the other way round is turned over as a fraction, so that nothing is rounded twice.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};
use crate::micro::div_half_even;
use crate::money::{Currency, Money, MoneyError};
use crate::msg;

/// Digits that a rate has after the point at most.
pub const MAX_PLACES: u32 = 12;
/// Digits that a rate has in all at most, so that converting any amount stays within 128 bits, or is too large anyway.
const MAX_DIGITS: usize = 18;

/// What can be wrong with a rate, or with asking for one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not a plain decimal, or with too many digits.
    #[error("{0:?} is no rate: write digits with at most one point, such as 7.1234")]
    Malformed(String),
    /// Zero or less.
    #[error("a rate is above 0")]
    NotPositive,
    /// Nobody said what one currency is worth in the other on that day or before.
    #[error("there is no rate from {from} to {to} on {day}")]
    Missing {
        /// What is to be converted.
        from: Currency,
        /// Into what.
        to: Currency,
        /// As of which day.
        day: Date,
    },
}

impl From<RateError> for Error {
    fn from(e: RateError) -> Self {
        match e {
            RateError::Malformed(text) => Error::of(Kind::InvalidArgument, msg!("RATE_MALFORMED", text)),
            RateError::NotPositive => Error::of(Kind::InvalidArgument, msg!("RATE_NOT_POSITIVE")),
            RateError::Missing { from, to, day } => {
                Error::of(Kind::FailedPrecondition, msg!("RATE_MISSING", from, to, day))
            }
        }
    }
}

/// How much one unit of a currency is worth in another: an exact decimal above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    /// The digits without the point, the last of them not zero.
    digits: u64,
    /// How many of them are after the point.
    places: u32,
}

impl Rate {
    /// One for one.
    pub const ONE: Self = Self { digits: 1, places: 0 };
}

impl FromStr for Rate {
    type Err = RateError;
    fn from_str(text: &str) -> Result<Self, RateError> {
        let bad = || RateError::Malformed(text.chars().take(40).collect());
        let trimmed = text.trim();
        let unsigned = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((_, "")) | Some(("", _)) => return Err(bad()),
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        let places = u32::try_from(fraction.len()).map_err(|_| bad())?;
        if places > MAX_PLACES || digits.len() > MAX_DIGITS {
            return Err(bad());
        }
        if digits.is_empty() || trimmed.starts_with('-') {
            return Err(RateError::NotPositive);
        }
        Ok(Self { digits: digits.parse().map_err(|_| bad())?, places })
    }
}

impl TryFrom<String> for Rate {
    type Error = RateError;
    fn try_from(text: String) -> Result<Self, RateError> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> String {
        rate.to_string()
    }
}

/// With no more digits than needed: `7.1234`, `0.05`, `150`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10_u64.pow(self.places);
        let (whole, fraction) = (self.digits / scale, self.digits % scale);
        match self.places as usize {
            0 => write!(f, "{whole}"),
            width => write!(f, "{whole}.{fraction:0width$}"),
        }
    }
}

/// What was said of two currencies from a day on: one unit of `base` is worth `rate` of `quote`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotation {
    /// Of which one unit is meant.
    pub base: Currency,
    /// In which its worth is told.
    pub quote: Currency,
    /// The first day; it holds until the next quotation of the two.
    pub from: Date,
    /// The worth.
    pub rate: Rate,
}

/// The way from one currency to another on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    from: Currency,
    to: Currency,
    /// The quotation that it rests on.
    pub quotation: Quotation,
}

impl Exchange {
    /// Money of the first currency in the second, rounded once to a minor unit of it, a half to the even one.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] for money of another currency, [`MoneyError::TooLarge`].
    pub fn convert(&self, money: Money) -> Result<Money, MoneyError> {
        if money.currency != self.from {
            return Err(MoneyError::CurrencyMismatch(money.currency, self.from));
        }
        let Rate { digits, places } = self.quotation.rate;
        let (digits, scale) = (i128::from(digits), 10_i128.pow(places));
        let (mut times, mut over) = if self.quotation.base == self.from { (digits, scale) } else { (scale, digits) };
        match (self.from.minor_digits(), self.to.minor_digits()) {
            (less, more) if less < more => times *= 10_i128.pow(more - less),
            (more, less) => over *= 10_i128.pow(more - less),
        }
        let product = i128::from(money.minor).checked_mul(times);
        let minor = product.and_then(|product| div_half_even(product, over)).ok_or(MoneyError::TooLarge)?;
        let minor = i64::try_from(minor).map_err(|_| MoneyError::TooLarge)?;
        Ok(Money::new(minor, self.to))
    }
}

/// The quotations that are known of some days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates(BTreeMap<(Currency, Currency), BTreeMap<Date, Rate>>);

impl FromIterator<Quotation> for Rates {
    /// Of two quotations of the same currencies and day the later one counts.
    fn from_iter<I: IntoIterator<Item = Quotation>>(quotations: I) -> Self {
        let mut rates = Self::default();
        for said in quotations {
            rates.0.entry((said.base, said.quote)).or_default().insert(said.from, said.rate);
        }
        rates
    }
}

impl Rates {
    /// The way from one currency to another on a day: by the newest quotation of the two until then, and where both
    /// directions were quoted on that day, by the one that needs no turning. A third currency is never gone through.
    ///
    /// # Errors
    /// [`RateError::Missing`] where nobody had said anything of the two.
    pub fn on(&self, from: Currency, to: Currency, day: Date) -> Result<Exchange, RateError> {
        if from == to {
            return Ok(Exchange {
                from,
                to,
                quotation: Quotation { base: from, quote: to, from: day, rate: Rate::ONE },
            });
        }
        let said = |base, quote| {
            let (from, rate) = self.0.get(&(base, quote))?.range(..=day).next_back()?;
            Some(Quotation { base, quote, from: *from, rate: *rate })
        };
        let (direct, turned) = (said(from, to), said(to, from));
        let quotation = match (direct, turned) {
            (Some(direct), Some(turned)) => Some(if turned.from > direct.from { turned } else { direct }),
            (one, other) => one.or(other),
        };
        let quotation = quotation.ok_or(RateError::Missing { from, to, day })?;
        Ok(Exchange { from, to, quotation })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    const DAY: Date = date(2026, 3, 1);

    fn rates(of: &[(Currency, Currency, Date, &str)]) -> Rates {
        of.iter().map(|(base, quote, from, rate)| quotation(*base, *quote, *from, rate)).collect()
    }

    fn quotation(base: Currency, quote: Currency, from: Date, rate: &str) -> Quotation {
        Quotation { base, quote, from, rate: rate.parse().unwrap() }
    }

    fn convert(rates: &Rates, minor: i64, from: Currency, to: Currency, day: Date) -> Result<i64, Error> {
        Ok(rates.on(from, to, day)?.convert(Money::new(minor, from))?.minor)
    }

    #[test]
    fn a_rate_is_a_plain_decimal_above_zero() {
        for (text, shown) in
            [("7.1234", "7.1234"), ("150", "150"), ("0.0500", "0.05"), (" 1.0 ", "1"), ("+2.5", "2.5"), ("007", "7")]
        {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), shown, "{text}");
            let json = serde_json::to_string(&rate).unwrap();
            assert_eq!(serde_json::from_str::<Rate>(&json).unwrap(), rate);
        }
        for text in ["0", "0.000", "-7.1", "-0"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError::NotPositive), "{text}");
        }
        for text in ["", ".5", "5.", "1e3", "7,1", "１", "0.0000000000001", "1234567890123456789", "NaN", "--1"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError::Malformed(text.to_owned())), "{text}");
        }
        assert!(serde_json::from_str::<Rate>("\"0\"").is_err());
    }

    #[test]
    fn minor_digits_of_both_currencies_count_and_a_half_goes_to_the_even_unit() {
        let (cny, jpy, kwd) = (Currency::CNY, Currency::JPY, Currency::KWD);
        let known = rates(&[(cny, jpy, DAY, "20.5"), (kwd, cny, DAY, "23.25"), (jpy, kwd, DAY, "0.00205")]);
        let to = |minor, from, to| convert(&known, minor, from, to, DAY).unwrap();
        // 1.00 CNY is 20.5 yen, 3.00 CNY 61.5 of them.
        assert_eq!([to(100, cny, jpy), to(300, cny, jpy), to(-300, cny, jpy)], [20, 62, -62]);
        assert_eq!([to(1_000, kwd, cny), to(2, kwd, cny)], [2_325, 5], "0.002 KWD is 4.65 fen");
        // Turned over: 1.00 CNY is 1 / 23.25 = 0.04301.. KWD, and 20.5 yen back are one yuan.
        assert_eq!([to(100, cny, kwd), to(41, jpy, cny)], [43, 200]);
        assert_eq!(to(1_000, jpy, kwd), 2_050);
        assert_eq!(to(7, cny, cny), 7, "the same currency needs no rate");
    }

    #[test]
    fn the_newest_quotation_until_the_day_counts_whichever_way_round_it_was_given() {
        let (cny, usd) = (Currency::CNY, Currency::USD);
        let known = rates(&[
            (usd, cny, date(2026, 1, 1), "7"),
            (cny, usd, date(2026, 2, 1), "0.125"),
            (usd, cny, date(2026, 3, 1), "10"),
            (cny, usd, date(2026, 3, 1), "0.2"),
        ]);
        let dollar = |day| convert(&known, 100, usd, cny, day);
        assert_eq!(dollar(date(2025, 12, 31)).unwrap_err().reason(), "RATE_MISSING");
        for (day, fen) in [
            (date(2026, 1, 1), 700),
            (date(2026, 1, 31), 700),
            (date(2026, 2, 1), 800),
            (date(2026, 3, 1), 1_000),
            (date(2027, 1, 1), 1_000),
        ] {
            assert_eq!(dollar(day).unwrap(), fen, "{day}");
        }
        assert_eq!(convert(&known, 1_000, cny, usd, date(2026, 3, 1)).unwrap(), 200, "its own direction");
    }

    #[test]
    fn a_missing_rate_and_a_result_too_large_are_named_and_no_third_currency_is_gone_through() {
        let (cny, usd, eur) = (Currency::CNY, Currency::USD, Currency::EUR);
        let known = rates(&[(usd, cny, DAY, "7"), (usd, eur, DAY, "0.9")]);
        assert_eq!(known.on(eur, cny, DAY), Err(RateError::Missing { from: eur, to: cny, day: DAY }));
        let error = Error::from(known.on(eur, cny, DAY).unwrap_err());
        assert_eq!((error.kind(), error.reason()), (Kind::FailedPrecondition, "RATE_MISSING"));
        let exchange = known.on(usd, cny, DAY).unwrap();
        assert_eq!(exchange.convert(Money::new(i64::MAX, usd)), Err(MoneyError::TooLarge));
        assert_eq!(exchange.convert(Money::new(1, eur)), Err(MoneyError::CurrencyMismatch(eur, usd)));
        let huge = rates(&[(usd, Currency::KWD, DAY, "999999999999999999")]).on(usd, Currency::KWD, DAY).unwrap();
        assert_eq!(huge.convert(Money::new(i64::MIN, usd)), Err(MoneyError::TooLarge));
        let error = Error::from("0".parse::<Rate>().unwrap_err());
        assert_eq!((error.kind(), error.reason()), (Kind::InvalidArgument, "RATE_NOT_POSITIVE"));
    }

    #[test]
    fn of_two_quotations_of_one_day_the_later_one_counts() {
        let (cny, usd) = (Currency::CNY, Currency::USD);
        let known = rates(&[(usd, cny, DAY, "7"), (usd, cny, DAY, "7.5")]);
        assert_eq!(convert(&known, 100, usd, cny, DAY).unwrap(), 750);
    }

    fn any_rate() -> impl Strategy<Value = Rate> {
        (1..1_000_000_000_000_000_000_u64, 0..=MAX_PLACES).prop_map(|(digits, places)| {
            let text = format!("{digits:013}");
            let (whole, fraction) = text.split_at(text.len() - places as usize);
            format!("{}.{}0", if whole.is_empty() { "0" } else { whole }, fraction).parse().unwrap()
        })
    }

    proptest! {
        #[test]
        fn what_is_converted_is_within_half_a_minor_unit_of_the_exact_fraction(
            minor: i64, rate in any_rate(), turn: bool, pair in (0..155_usize, 0..155_usize),
        ) {
            let nth = |n| Currency::all().nth(n).unwrap();
            let (from, to) = (nth(pair.0), nth(pair.1));
            prop_assume!(from != to);
            let (base, quote) = if turn { (to, from) } else { (from, to) };
            let known: Rates = [Quotation { base, quote, from: DAY, rate }].into_iter().collect();
            let exchange = known.on(from, to, DAY).unwrap();
            let scale = 10_i128.pow(rate.places);
            let (times, over) = if turn { (scale, i128::from(rate.digits)) } else { (i128::from(rate.digits), scale) };
            let (times, over) = (
                times * 10_i128.pow(to.minor_digits()), over * 10_i128.pow(from.minor_digits()),
            );
            match exchange.convert(Money::new(minor, from)) {
                Ok(money) => {
                    // |result - minor * times / over| <= 1/2, in whole numbers.
                    let exact = i128::from(minor).checked_mul(times).zip(i128::from(money.minor).checked_mul(over));
                    if let Some((exact, told)) = exact {
                        prop_assert!((exact - told).abs() <= over / 2 + over % 2);
                    }
                    let mirrored = exchange.convert(Money::new(minor.saturating_neg(), from)).unwrap();
                    prop_assert!(minor == i64::MIN || mirrored.minor == -money.minor);
                }
                Err(error) => prop_assert_eq!(error, MoneyError::TooLarge),
            }
            prop_assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
        }
    }
}
