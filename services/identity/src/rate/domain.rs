//! What the group says of two currencies on a day. A day's row is never overwritten: a later one takes its place, and what was
//! known before can be asked for. How money is converted by rates is `tally_kernel::rate`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use tally_kernel::Currency;
use tally_kernel::rate::Quotation;
use uuid::Uuid;

/// Characters of a source.
pub const MAX_SOURCE: usize = 200;

/// A quotation and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced {
    pub quotation: Quotation,
    pub source: String,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub id: Uuid,
    pub said: Sourced,
    pub recorded_at: Timestamp,
    /// Since when another row counts for the same day.
    pub superseded_at: Option<Timestamp>,
}

impl Known {
    /// What a list is ordered by, and what tells a row from every other.
    pub fn key(&self) -> String {
        let Quotation { base, quote, from, .. } = self.said.quotation;
        format!("{base}/{quote}/{from}/{}", self.id)
    }
}

/// What becomes of rows that are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Rows that do not count any more.
    pub closes: Vec<Uuid>,
    pub writes: Vec<Sourced>,
    /// Rows that change nothing: they are there, or a later one of the same call says something else.
    pub unchanged: usize,
}

/// Decides what becomes of each row, in their order: of two for one day the later one counts. `known` are the rows that count.
pub fn plan(known: &[Known], rows: impl IntoIterator<Item = Sourced>) -> Plan {
    let key = |of: &Quotation| (of.base, of.quote, of.from);
    let now: BTreeMap<_, &Known> = known.iter().map(|row| (key(&row.said.quotation), row)).collect();
    let mut sent = 0;
    let mut last: BTreeMap<(Currency, Currency, Date), Sourced> = BTreeMap::new();
    for said in rows {
        sent += 1;
        last.insert(key(&said.quotation), said);
    }
    let mut plan = Plan::default();
    for (key, said) in last {
        let there = now.get(&key);
        if there.is_none_or(|row| row.said != said) {
            plan.closes.extend(there.map(|row| row.id));
            plan.writes.push(said);
        }
    }
    plan.unchanged = sent - plan.writes.len();
    plan
}

/// The rows that hold on some day between these: what was said within, and of two currencies the last that was said before.
pub fn between(rows: Vec<Known>, from: Option<Date>, to: Option<Date>) -> Vec<Known> {
    let mut last_before: BTreeMap<(Currency, Currency), Date> = BTreeMap::new();
    for Quotation { base, quote, from: day, .. } in rows.iter().map(|row| row.said.quotation) {
        if from.is_some_and(|from| day <= from) {
            let last = last_before.entry((base, quote)).or_insert(day);
            *last = day.max(*last);
        }
    }
    let holds = |row: &Known| {
        let Quotation { base, quote, from: day, .. } = row.said.quotation;
        let begins = last_before.get(&(base, quote)).copied().or(from);
        begins.is_none_or(|first| first <= day) && to.is_none_or(|last| day <= last)
    };
    let mut rows: Vec<_> = rows.into_iter().filter(holds).collect();
    rows.sort_by_cached_key(Known::key);
    rows
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    const MONTH: Date = date(2026, 3, 1);

    fn said(base: Currency, from: Date, rate: &str) -> Sourced {
        let quotation = Quotation { base, quote: Currency::CNY, from, rate: rate.parse().unwrap() };
        Sourced { quotation, source: "bank".to_owned() }
    }

    fn known(rows: &[Sourced]) -> Vec<Known> {
        let row = |(n, said): (u128, &Sourced)| Known {
            id: Uuid::from_u128(n),
            said: said.clone(),
            recorded_at: Timestamp::UNIX_EPOCH,
            superseded_at: None,
        };
        (1..).zip(rows).map(row).collect()
    }

    #[test]
    fn a_later_row_for_the_same_day_takes_the_place_of_the_one_before() {
        let there = known(&[said(Currency::USD, MONTH, "7"), said(Currency::EUR, MONTH, "8")]);
        let rows = [
            said(Currency::USD, MONTH, "7.0"),
            said(Currency::EUR, MONTH, "8.1"),
            said(Currency::EUR, date(2026, 3, 2), "8.1"),
        ];
        let planned = plan(&there, rows.clone());
        assert_eq!((planned.unchanged, planned.closes), (1, vec![Uuid::from_u128(2)]));
        assert_eq!(planned.writes, rows[1..]);
        let other = Sourced { source: "another bank".to_owned(), ..rows[0].clone() };
        assert_eq!(plan(&there, [other]).writes.len(), 1, "another source is another fact");
    }

    #[test]
    fn of_two_rows_of_one_call_the_later_counts_and_one_that_is_taken_back_changes_nothing() {
        let (seven, eight) = (said(Currency::USD, MONTH, "7"), said(Currency::USD, MONTH, "8"));
        let planned = plan(&[], [seven.clone(), eight.clone(), eight.clone()]);
        assert_eq!((planned.writes, planned.unchanged), (vec![eight.clone()], 2));
        let planned = plan(&known(std::slice::from_ref(&seven)), [eight, seven.clone()]);
        assert_eq!(planned, Plan { unchanged: 2, ..Plan::default() });
    }

    #[test]
    fn a_stretch_has_the_rates_within_and_of_each_pair_the_last_before() {
        let day = |month, day| date(2026, month, day);
        let rows = known(&[
            said(Currency::USD, day(1, 1), "7"),
            said(Currency::USD, day(2, 1), "7.1"),
            said(Currency::USD, day(3, 10), "7.2"),
            said(Currency::USD, day(4, 1), "7.3"),
            said(Currency::EUR, day(3, 31), "8"),
        ]);
        let days = |from, to| -> Vec<_> {
            between(rows.clone(), from, to).iter().map(|row| row.said.quotation.from).collect()
        };
        assert_eq!(days(Some(MONTH), Some(day(3, 31))), [day(3, 31), day(2, 1), day(3, 10)]);
        assert_eq!(days(Some(day(2, 1)), Some(day(2, 1))), [day(2, 1)]);
        assert_eq!(days(None, Some(day(1, 31))), [day(1, 1)]);
        assert_eq!(days(None, None).len(), 5);
    }

    proptest! {
        #[test]
        fn a_stretch_answers_as_all_rates_do(days in prop::collection::vec(0..60_i16, 1..12), from in 0..60_i16, to in 0..60_i16) {
            let day = |n: i16| date(2026, 1, 1).checked_add(jiff::Span::new().days(n)).unwrap();
            let rows: Vec<_> = (1..).zip(&days).map(|(n, d): (u32, _)| said(Currency::USD, day(*d), &n.to_string())).collect();
            let all: tally_kernel::rate::Rates = rows.iter().map(|row| row.quotation).collect();
            let counted = plan(&[], rows).writes;
            let some = between(known(&counted), Some(day(from)), Some(day(to)));
            let some: tally_kernel::rate::Rates = some.iter().map(|row| row.said.quotation).collect();
            for asked in from..=to {
                let ask = |rates: &tally_kernel::rate::Rates| rates.on(Currency::CNY, Currency::USD, day(asked));
                prop_assert_eq!(ask(&some), ask(&all));
            }
        }
    }
}
