//! On which days amounts would be converted otherwise than they were. Pure.

use std::collections::BTreeMap;

use jiff::civil::Date;
use tally_kernel::Currency;
use tally_kernel::rate::{Quotation, Rates};

use crate::record::domain::money::KeptRates;

/// Since when there are amounts in which currency.
#[derive(Debug)]
pub struct Sold {
    /// Of records that say no other.
    group: Currency,
    since: BTreeMap<Currency, Date>,
}

impl Sold {
    pub fn of(group: Currency) -> Self {
        Self { group, since: BTreeMap::new() }
    }

    /// Notes an amount; no currency means the group's.
    pub fn since(&mut self, currency: Option<Currency>, day: Date) {
        let first = self.since.entry(currency.unwrap_or(self.group)).or_insert(day);
        *first = day.min(*first);
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
pub fn reckoned_otherwise(
    (was, is): (&KeptRates, &KeptRates),
    sold: &Sold,
    to: Option<Currency>,
    last: Date,
) -> Vec<RateChange> {
    let to = to.unwrap_or(was.group);
    let (was_rates, is_rates) = (was.rates(), is.rates());
    let changes = sold.since.iter().filter_map(|(from, first)| {
        let first = (*first).max(was.first_day);
        let days = first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last);
        let mut otherwise = days.filter(|day| {
            let kept = worth(&was_rates, (*from, to), *day);
            kept.is_some() && kept != worth(&is_rates, (*from, to), *day)
        });
        let first = otherwise.next()?;
        Some(RateChange { from: *from, to, days: (first, otherwise.last().unwrap_or(first)) })
    });
    changes.collect()
}

/// By what one is converted into the other, whenever that was said.
fn worth(rates: &Rates, (from, to): (Currency, Currency), day: Date) -> Option<(Currency, tally_kernel::rate::Rate)> {
    let Quotation { base, rate, .. } = rates.on(from, to, day).ok()?.quotation;
    Some((base, rate))
}
