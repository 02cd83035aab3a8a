//! rates.csv: what one currency is worth in another from a day on, and who says so.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use tally_kernel::rate::{self, RateError};
use tally_kernel::{Currency, msg};

use super::cell::{self, shown};
use super::cleaned::Need::Required;
use super::diagnostics::{Unusable, Wrong};
use super::layout::Layout;
use super::model::Rate;
use super::numbers::Numbers;
use super::people::{Diagnostics, each_row, once};
use super::refusals::RowName;
use super::source::Source;

pub(crate) static RATES: Layout = Layout {
    file: "rates.csv",
    columns: &[("date", Required), ("from", Required), ("to", Required), ("rate", Required), ("source", Required)],
    extras: false,
};

/// Reads rates.csv. Rows that say two of one day are rejected: nobody can tell which is right.
pub(crate) fn read_rates(
    source: Option<&Source>,
    numbers: Option<Numbers>,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<Vec<Rate>, Unusable> {
    let numbers = numbers.unwrap_or(Numbers::Point);
    let rows = each_row(source, &RATES, false, diagnostics, |row, diagnostic| {
        let day = diagnostic.take("date", cell::date(row.get(0)));
        let from = diagnostic.take("from", cell::currency(row.get(1)));
        let to = diagnostic.take("to", cell::currency(row.get(2)));
        if from.is_some() && from == to {
            diagnostic.add("to", Wrong::new(msg!("RATE_OF_ONE_CURRENCY"), msg!("RATE_OF_ONE_CURRENCY_CURE")));
        }
        let rate = diagnostic.take("rate", exact(row.get(3), numbers));
        let source = diagnostic.take("source", cell::name(row.get(4)));
        let code = |currency: Currency| currency.code().to_owned();
        Some(Rate { day: day?, from: code(from?), to: code(to?), rate: rate?, source: source? })
    })?;
    let mut said: BTreeMap<(Date, String, String), BTreeSet<(String, String)>> = BTreeMap::new();
    let key = |rate: &Rate| (rate.day, rate.from.clone(), rate.to.clone());
    for (rate, _) in &rows {
        said.entry(key(rate)).or_default().insert((rate.rate.clone(), rate.source.clone()));
    }
    let twice: BTreeMap<_, Wrong> = said
        .into_iter()
        .filter(|(_, said)| said.len() > 1)
        .map(|(key, said)| {
            let rates: Vec<String> = said.into_iter().map(|(rate, source)| format!("{rate} ({source})")).collect();
            (key, Wrong::new(msg!("RATES_CONTRADICT", rates = rates.join(", ")), msg!("KEEP_THE_RIGHT_ROW")))
        })
        .collect();
    let refusals = diagnostics.refusals;
    let rows = refusals.keep(rows, RATES.file, diagnostics.rejects, |row| {
        twice.get(&key(row)).or_else(|| refusals.of(|| RowName::Rate(row.clone())))
    });
    Ok(once(rows, RATES.file, diagnostics.findings))
}

/// A rate as it is written, exactly: what has more digits than the suite computes with is rejected and not rounded.
fn exact(text: &str, numbers: Numbers) -> Result<String, Wrong> {
    let plain = numbers.plain(text)?;
    plain.parse::<rate::Rate>().map(|rate| rate.to_string()).map_err(|wrong| match wrong {
        RateError::NotPositive => Wrong::new(msg!("RATE_NOT_ABOVE_0"), msg!("RATE_NOT_ABOVE_0_CURE")),
        RateError::Malformed(_) | RateError::Missing { .. } => {
            Wrong::new(msg!("NO_RATE", text = shown(text)), msg!("NO_RATE_CURE", places = rate::MAX_PLACES))
        }
    })
}
