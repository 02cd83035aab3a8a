//! Money: an integer of minor units and its ISO 4217 currency. Amounts of two currencies never meet, nothing is rounded
//! here (a split is the business of [`crate::apportion`]), and there is no float.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};
use crate::msg;

/// The active codes of ISO 4217 with their minor digits, sorted. Metals, test and "no currency" codes have no minor
/// unit and are left out.
const TABLE: &str = "AED2 AFN2 ALL2 AMD2 AOA2 ARS2 AUD2 AWG2 AZN2 BAM2 BBD2 BDT2 BHD3 BIF0 BMD2 BND2 BOB2 BRL2 BSD2 \
    BTN2 BWP2 BYN2 BZD2 CAD2 CDF2 CHF2 CLP0 CNY2 COP2 CRC2 CUP2 CVE2 CZK2 DJF0 DKK2 DOP2 DZD2 EGP2 ERN2 ETB2 EUR2 \
    FJD2 FKP2 GBP2 GEL2 GHS2 GIP2 GMD2 GNF0 GTQ2 GYD2 HKD2 HNL2 HTG2 HUF2 IDR2 ILS2 INR2 IQD3 IRR2 ISK0 JMD2 JOD3 \
    JPY0 KES2 KGS2 KHR2 KMF0 KPW2 KRW0 KWD3 KYD2 KZT2 LAK2 LBP2 LKR2 LRD2 LSL2 LYD3 MAD2 MDL2 MGA2 MKD2 MMK2 MNT2 \
    MOP2 MRU2 MUR2 MVR2 MWK2 MXN2 MYR2 MZN2 NAD2 NGN2 NIO2 NOK2 NPR2 NZD2 OMR3 PAB2 PEN2 PGK2 PHP2 PKR2 PLN2 PYG0 \
    QAR2 RON2 RSD2 RUB2 RWF0 SAR2 SBD2 SCR2 SDG2 SEK2 SGD2 SHP2 SLE2 SOS2 SRD2 SSP2 STN2 SVC2 SYP2 SZL2 THB2 TJS2 \
    TMT2 TND3 TOP2 TRY2 TTD2 TWD2 TZS2 UAH2 UGX0 USD2 UYU2 UZS2 VED2 VES2 VND0 VUV0 WST2 XAF0 XCD2 XCG2 XOF0 XPF0 \
    YER2 ZAR2 ZMW2 ZWG2";

/// What can be wrong with an amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a code of the table.
    #[error("{0:?} is no active ISO 4217 code: write three capital letters such as CNY")]
    UnknownCurrency(String),
    /// Not a plain decimal number.
    #[error(
        "{0:?} is no amount: write digits with at most one point, such as 1234.50, without separators or signs of money"
    )]
    NotAnAmount(String),
    /// A part of a minor unit, which would have to be rounded.
    #[error("{text:?} is finer than {currency} allows: at most {digits} digits after the point")]
    TooFine {
        /// The amount as written.
        text: String,
        /// Its currency.
        currency: Currency,
        /// Digits the currency has.
        digits: u32,
    },
    /// More than the integer holds.
    #[error("the amount is too large")]
    TooLarge,
    /// Two currencies in one sum.
    #[error("{0} and {1} cannot be summed: convert one of them first")]
    CurrencyMismatch(Currency, Currency),
}

impl From<MoneyError> for Error {
    fn from(e: MoneyError) -> Self {
        let message = match e {
            MoneyError::UnknownCurrency(text) => msg!("CURRENCY_UNKNOWN", text),
            MoneyError::NotAnAmount(text) => msg!("AMOUNT_MALFORMED", text),
            MoneyError::TooFine { text, currency, digits } => msg!("AMOUNT_TOO_FINE", text, currency, digits),
            MoneyError::TooLarge => msg!("AMOUNT_TOO_LARGE"),
            MoneyError::CurrencyMismatch(one, other) => msg!("CURRENCY_MISMATCH", one, other),
        };
        Error::of(Kind::InvalidArgument, message)
    }
}

/// A currency of the table; sorts by its code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency {
    code: [u8; 3],
    digits: u8,
}

impl Currency {
    /// Chinese yuan.
    pub const CNY: Self = Self { code: *b"CNY", digits: 2 };
    /// Euro.
    pub const EUR: Self = Self { code: *b"EUR", digits: 2 };
    /// Japanese yen, which has no minor unit.
    pub const JPY: Self = Self { code: *b"JPY", digits: 0 };
    /// Kuwaiti dinar, which has three digits.
    pub const KWD: Self = Self { code: *b"KWD", digits: 3 };
    /// US dollar.
    pub const USD: Self = Self { code: *b"USD", digits: 2 };

    /// Every currency known, sorted by code.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.split_ascii_whitespace().filter_map(|entry| match entry.as_bytes() {
            [a, b, c, digit] => Some(Self { code: [*a, *b, *c], digits: digit - b'0' }),
            _ => None,
        })
    }

    /// Three capital letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("???")
    }

    /// Digits after the point: minor units of one major unit are ten to this power.
    pub const fn minor_digits(self) -> u32 {
        self.digits as u32
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::all()
            .find(|c| c.code() == code)
            .ok_or_else(|| MoneyError::UnknownCurrency(code.chars().take(16).collect()))
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(code: String) -> Result<Self, MoneyError> {
        code.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount; may be negative (a correction).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units: fen, cents, yen.
    pub minor: i64,
    /// Of which currency.
    pub currency: Currency,
}

impl Money {
    /// An amount of minor units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads a decimal in major units: `1234.5` CNY is 123,450 fen. Digits and one point with an optional sign;
    /// zeros behind the last minor digit do no harm.
    ///
    /// # Errors
    /// [`MoneyError::NotAnAmount`], [`MoneyError::TooFine`], [`MoneyError::TooLarge`].
    pub fn parse_major(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let bad = || MoneyError::NotAnAmount(text.chars().take(40).collect());
        let trimmed = text.trim();
        let (negative, digits) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) | Some(("", _)) => return Err(bad()),
            Some(parts) => parts,
            None => (digits, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let places = currency.minor_digits();
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > places as usize {
            return Err(MoneyError::TooFine { text: text.chars().take(40).collect(), currency, digits: places });
        }
        let mut minor: i64 = 0;
        for digit in
            whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', places as usize - fraction.len()))
        {
            // Built on the negative side, which reaches one further than the positive one.
            minor = minor
                .checked_mul(10)
                .and_then(|m| m.checked_sub(i64::from(digit - b'0')))
                .ok_or(MoneyError::TooLarge)?;
        }
        let minor = if negative { minor } else { minor.checked_neg().ok_or(MoneyError::TooLarge)? };
        Ok(Self { minor, currency })
    }

    /// The amount in major units with all digits of the currency: `1234.50`, `-0.05`, `1200`. [`Money::parse_major`]
    /// reads it back.
    pub fn major(&self) -> String {
        let places = self.currency.minor_digits();
        let sign = if self.minor < 0 { "-" } else { "" };
        let (abs, scale) = (self.minor.unsigned_abs(), 10_u64.pow(places));
        if places == 0 {
            return format!("{sign}{abs}");
        }
        format!("{sign}{}.{:0width$}", abs / scale, abs % scale, width = places as usize)
    }

    /// The amount in major units as an exact decimal.
    pub fn decimal(&self) -> Decimal {
        Decimal::new(self.minor, self.currency.minor_digits())
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::TooLarge`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.with(other, i64::checked_add)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::TooLarge`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.with(other, i64::checked_sub)
    }

    fn with(self, other: Self, op: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        let minor = op(self.minor, other.minor).ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, currency: self.currency })
    }
}

/// Amount and code: `1234.50 CNY`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.major(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cny(text: &str) -> Result<Money, MoneyError> {
        Money::parse_major(text, Currency::CNY)
    }

    #[test]
    fn the_table_is_sorted_and_agrees_with_the_constants() {
        let all: Vec<_> = Currency::all().collect();
        assert_eq!(all.len(), 155);
        assert!(all.is_sorted_by(|a, b| a < b));
        for constant in [Currency::CNY, Currency::EUR, Currency::JPY, Currency::KWD, Currency::USD] {
            assert_eq!(constant.code().parse(), Ok(constant));
        }
        assert_eq!("KRW".parse::<Currency>().unwrap().minor_digits(), 0);
        assert_eq!("TND".parse::<Currency>().unwrap().minor_digits(), 3);
    }

    #[test]
    fn an_unknown_code_is_refused_with_what_was_written() {
        for code in ["", "cny", "CNYX", "XAU", "DEM"] {
            assert_eq!(code.parse::<Currency>(), Err(MoneyError::UnknownCurrency(code.to_owned())));
        }
    }

    #[test]
    fn a_decimal_in_major_units_becomes_minor_units_exactly() {
        assert_eq!(cny("1234.5").unwrap().minor, 123_450);
        assert_eq!(cny("0.05").unwrap().minor, 5);
        assert_eq!(cny("-0.05").unwrap().minor, -5);
        assert_eq!(cny(" 12.3400 ").unwrap().minor, 1234);
        assert_eq!(Money::parse_major("1200.0", Currency::JPY).unwrap().minor, 1200);
        assert_eq!(Money::parse_major("1.234", Currency::KWD).unwrap().minor, 1234);
        assert_eq!(cny("92233720368547758.07").unwrap().minor, i64::MAX);
        assert_eq!(cny("-92233720368547758.08").unwrap().minor, i64::MIN);
    }

    #[test]
    fn what_would_have_to_be_rounded_is_refused() {
        assert!(matches!(cny("12.345"), Err(MoneyError::TooFine { digits: 2, .. })));
        assert!(matches!(Money::parse_major("0.5", Currency::JPY), Err(MoneyError::TooFine { digits: 0, .. })));
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        for text in ["", "-", ".", "1.", ".5", "1,234.50", "1e3", "¥12", "0x10", "1.2.3", "NaN", "--1", "１２"] {
            assert!(matches!(cny(text), Err(MoneyError::NotAnAmount(_))), "{text}");
        }
        assert_eq!(cny("92233720368547758.08"), Err(MoneyError::TooLarge));
    }

    #[test]
    fn two_currencies_never_meet_in_a_sum_and_an_overflow_is_told() {
        let (yuan, dollar) = (Money::new(1, Currency::CNY), Money::new(1, Currency::USD));
        assert_eq!(yuan.checked_add(dollar), Err(MoneyError::CurrencyMismatch(Currency::CNY, Currency::USD)));
        assert_eq!(Money::new(i64::MAX, Currency::CNY).checked_add(yuan), Err(MoneyError::TooLarge));
        assert_eq!(yuan.checked_sub(Money::new(4, Currency::CNY)).unwrap().to_string(), "-0.03 CNY");
    }

    #[test]
    fn a_stored_amount_names_its_currency_by_code() {
        let json = serde_json::to_string(&Money::new(1234, Currency::CNY)).unwrap();
        assert_eq!(json, r#"{"minor":1234,"currency":"CNY"}"#);
        assert!(serde_json::from_str::<Money>(r#"{"minor":1,"currency":"ZZZ"}"#).is_err());
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_read_back(minor: i64, which in 0..155_usize) {
            let currency = Currency::all().nth(which).unwrap();
            let money = Money::new(minor, currency);
            prop_assert_eq!(Money::parse_major(&money.major(), currency), Ok(money));
            prop_assert_eq!(money.decimal().to_string(), money.major());
        }
    }
}
