//! What the amounts of a session are worth in the currency that is reckoned in.
//!
//! The amounts of a session (the sale, and what was paid back of it whenever that was) are added up exactly in each currency that they
//! are in. Each of these sums is converted once, by the rate of the local day on which the session began, and rounded to a minor
//! unit of the currency that is reckoned in, a half to the even one. Everything that is added up afterwards is exact, so that no order of
//! records, accounts or people changes a result.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tally_engine::closing::facts::Finding;
use tally_kernel::rate::{Quotation, Rate, Rates};
use tally_kernel::{Currency, Message, Money, limits, msg};

/// Rates that a finding names.
const NAMED: usize = 5;

/// What a run reckons with, asked once: every cycle that is scored from it, and every replay, comes to the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRates {
    /// The group's own: of records that say no other.
    pub group: Currency,
    /// The first of the days whose rates are kept; the last is that of the period.
    pub first_day: Date,
    /// What was known when the run began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<KeptRate>,
}

/// One of them: one unit of `base` is worth `rate` of `quote` from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRate {
    pub base: Currency,
    pub quote: Currency,
    pub from: Date,
    pub rate: Rate,
    /// Who says so.
    pub source: String,
}

impl KeptRates {
    /// Those of them that amounts are converted by.
    pub fn rates(&self) -> Rates {
        let of = |kept: &KeptRate| Quotation { base: kept.base, quote: kept.quote, from: kept.from, rate: kept.rate };
        self.rates.iter().map(of).collect()
    }

    /// What the amounts of an account are converted by, into the group's currency or another one.
    pub fn reckoning(&self, to: Option<Currency>, zone: TimeZone) -> Reckoning {
        let (group, first_day) = (self.group, self.first_day);
        Reckoning { group, to: to.unwrap_or(group), first_day, rates: self.rates(), zone }
    }

    fn source(&self, of: &Quotation) -> &str {
        let same = |kept: &&KeptRate| (kept.base, kept.quote, kept.from) == (of.base, of.quote, of.from);
        self.rates.iter().rfind(same).map_or("", |kept| kept.source.as_str())
    }
}

/// How amounts are read.
#[derive(Clone, Copy, Debug)]
pub enum Amounts<'a> {
    /// Nobody computes with them: those in another currency than the group's are left out, so that nobody sums them by mistake.
    LeftOut,
    /// Of a run from before rates were kept: those in another currency than the group's are refused.
    OfTheGroup,
    /// They are computed with in a currency.
    In(&'a Reckoning),
}

impl Amounts<'_> {
    /// Whether an amount in the group's currency stays as it is.
    pub fn are_of_the_group(&self) -> bool {
        match self {
            Self::LeftOut | Self::OfTheGroup => true,
            Self::In(reckoning) => reckoning.to == reckoning.group,
        }
    }
}

/// What the amounts of one account are converted by.
#[derive(Clone, Debug)]
pub struct Reckoning {
    /// Of records that say no other currency.
    pub group: Currency,
    /// What is reckoned in.
    pub to: Currency,
    /// Of the days before, no rates are kept.
    pub first_day: Date,
    pub rates: Rates,
    /// Whose dates count: the account's.
    pub zone: TimeZone,
}

/// What cannot be reckoned with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyProblem {
    /// Nobody said what one currency is worth in the other on that day or before.
    RateMissing { from: Currency, to: Currency, day: Date },
    /// The rates of that day are not kept with the run.
    NotKept { day: Date },
    /// More than is computed with.
    TooLarge { to: Currency },
}

impl MoneyProblem {
    /// What is wrong with which record, and what to do.
    pub fn message(&self, record: &str, account: &str) -> Message {
        match self {
            Self::RateMissing { from, to, day } => msg!("RECORD_RATE_MISSING.on", from, to, day, record, account),
            Self::NotKept { day } => msg!("RUN_WITHOUT_RATES.on", day, record, account),
            Self::TooLarge { to } => msg!("RECORD_AMOUNT_TOO_LARGE", to, record, account, most = limits::AMOUNT_MINOR),
        }
    }
}

/// By what a sum was converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Converted {
    pub from: Currency,
    pub to: Currency,
    pub quotation: Quotation,
}

impl Reckoning {
    /// What the amounts of a session that began then come to, in minor units of the currency that is reckoned in, and by what they were converted.
    ///
    /// # Errors
    /// [`MoneyProblem`].
    pub fn reckon(
        &self,
        started_ms: i64,
        amounts: impl IntoIterator<Item = (Currency, i64)>,
    ) -> Result<(i64, Vec<Converted>), MoneyProblem> {
        let too_large = MoneyProblem::TooLarge { to: self.to };
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for (currency, minor) in amounts {
            *sums.entry(currency).or_default() += i128::from(minor);
        }
        let (mut total, mut converted) = (0_i128, Vec::new());
        for (from, sum) in sums {
            if from == self.to {
                total += sum;
                continue;
            }
            let (to, day) = (self.to, self.day(started_ms));
            if day < self.first_day {
                return Err(MoneyProblem::NotKept { day });
            }
            let exchange = self.rates.on(from, to, day).map_err(|_| MoneyProblem::RateMissing { from, to, day })?;
            let minor = i64::try_from(sum).map_err(|_| too_large)?;
            total += i128::from(exchange.convert(Money::new(minor, from)).map_err(|_| too_large)?.minor);
            converted.push(Converted { from, to, quotation: exchange.quotation });
        }
        match i64::try_from(total) {
            Ok(minor) if minor.unsigned_abs() <= limits::AMOUNT_MINOR.unsigned_abs() => Ok((minor, converted)),
            Ok(_) | Err(_) => Err(too_large),
        }
    }

    fn day(&self, at_ms: i64) -> Date {
        let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
        self.zone.to_datetime(at).date()
    }
}

/// What was converted of an account's records, by currencies.
#[derive(Debug, Default)]
pub struct Conversions(BTreeMap<(Currency, Currency), By>);

#[derive(Debug, Default)]
struct By {
    records: u64,
    /// By day first.
    rates: BTreeSet<(Date, Currency, Currency, String)>,
}

impl Conversions {
    /// Counts a record that something was converted of.
    pub fn add(&mut self, converted: &[Converted]) {
        for one in converted {
            let by = self.0.entry((one.from, one.to)).or_default();
            by.records += 1;
            let Quotation { base, quote, from, rate } = one.quotation;
            by.rates.insert((from, base, quote, rate.to_string()));
        }
    }

    /// A finding for each pair of currencies: how many records, by which rates, and who says so.
    pub fn findings<'a>(&'a self, account: &'a str, kept: &'a KeptRates) -> impl Iterator<Item = Finding> + 'a {
        self.0.iter().map(move |((from, to), by)| {
            let rate = |(day, base, quote, rate): &(Date, Currency, Currency, String)| {
                let said = rate.parse().map(|rate| Quotation { base: *base, quote: *quote, from: *day, rate });
                let source = said.map_or("", |said| kept.source(&said));
                format!("1 {base} = {rate} {quote} ({day}, {source})")
            };
            let rates = by.rates.iter().take(NAMED).map(rate).collect::<Vec<_>>().join("; ");
            let (records, more) = (by.records, by.rates.len().saturating_sub(NAMED));
            Finding::new("AMOUNTS_CONVERTED", account, "", msg!("AMOUNTS_CONVERTED", records, from, to, rates, more))
        })
    }
}

#[cfg(test)]
mod tests;
