//! On which days amounts would be converted otherwise than they were. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use tally_kernel::Currency;
use tally_kernel::rate::{Quotation, Rate, Rates};

use crate::record::domain::money::KeptRates;

/// On which days there are amounts in which currency.
#[derive(Debug)]
pub struct Sold {
    /// Of records that say no other.
    group: Currency,
    on: BTreeMap<Currency, BTreeSet<Date>>,
}

impl Sold {
    pub fn of(group: Currency) -> Self {
        Self { group, on: BTreeMap::new() }
    }

    /// Notes amounts; no currency means the group's.
    pub fn add(&mut self, currency: Option<Currency>, days: impl IntoIterator<Item = Date>) {
        self.on.entry(currency.unwrap_or(self.group)).or_default().extend(days);
    }
}

/// Two currencies whose rate is otherwise on some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateChange {
    pub from: Currency,
    pub to: Currency,
    /// The first and the last of the days.
    pub days: (Date, Date),
}

/// The changes of the rates into a currency, or the group's, on the days with amounts. A day for which no rate was kept is
/// not told: nothing can have been converted then.
pub fn reckoned_otherwise((was, is): (&KeptRates, &KeptRates), sold: &Sold, to: Option<Currency>) -> Vec<RateChange> {
    let to = to.unwrap_or(was.group);
    let (was_rates, is_rates) = (was.rates(), is.rates());
    let changes = sold.on.iter().filter_map(|(from, days)| {
        let mut otherwise = days.iter().copied().filter(|day| {
            let kept = worth(&was_rates, (*from, to), *day).filter(|_| *day >= was.first_day);
            kept.is_some() && kept != worth(&is_rates, (*from, to), *day)
        });
        let first = otherwise.next()?;
        Some(RateChange { from: *from, to, days: (first, otherwise.next_back().unwrap_or(first)) })
    });
    changes.collect()
}

/// By what one is converted into the other, whenever that was said.
fn worth(rates: &Rates, (from, to): (Currency, Currency), day: Date) -> Option<(Currency, Rate)> {
    let Quotation { base, rate, .. } = rates.on(from, to, day).ok()?.quotation;
    Some((base, rate))
}
