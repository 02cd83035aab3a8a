//! Which period the records are of.

use tally_kernel::{Message, msg};

use super::super::diagnostics::Unusable;
use super::super::group::Period;
use super::super::people::Diagnostics;
use super::{RECORDS, Reader};

pub(super) fn no_record(diagnostics: &Diagnostics<'_, '_>, problem: impl FnOnce(Message) -> Message) -> Unusable {
    if !diagnostics.rejects.read().contains_key(RECORDS.file) {
        return Unusable::new("NO_RECORDS", RECORDS.file, msg!("NO_ROWS"), msg!("NO_ROWS_CURE"));
    }
    let (count, first) = (diagnostics.rejects.count(RECORDS.file), diagnostics.rejects.first(RECORDS.file));
    let why = first.map_or_else(|| Message::told(""), |first| msg!("ROWS_REJECTED", count, first));
    Unusable::new("NO_RECORDS", RECORDS.file, problem(why), msg!("NO_RECORDS_CURE"))
}

impl Reader<'_, '_> {
    /// The period that was asked for, else the one month that holds all records.
    pub(super) fn period(&self, diagnostics: &Diagnostics<'_, '_>) -> Result<Period, Unusable> {
        if let Some(period) = self.asked {
            if self.raws.is_empty() && self.must {
                let Period { from, to } = period;
                let others = match self.outside.rows {
                    0 => Message::told(""),
                    count => msg!("RECORDS_OUTSIDE", count),
                };
                return Err(no_record(diagnostics, |why| msg!("NO_RECORD_IN_PERIOD", from, to, others, why)));
            }
            return Ok(period);
        }
        let mut months = self.months.iter();
        match (months.next(), months.next()) {
            (None, _) if !self.must => {
                Err(Unusable::new("BAD_PERIOD", msg!("THE_PERIOD"), msg!("NO_PERIOD"), msg!("NO_PERIOD_CURE")))
            }
            (None, _) => Err(no_record(diagnostics, |why| msg!("NO_RECORD_USABLE", why))),
            (Some((&from, _)), None) => Ok(Period { from, to: from.last_of_month() }),
            (Some((&first, _)), Some(_)) => {
                let list = self.months.iter().take(6).map(|(day, n)| format!("{}: {n}", day.strftime("%Y-%m")));
                let list: Vec<String> = list.collect();
                let more = if self.months.len() > 6 { ", …" } else { "" };
                let (count, months) = (self.months.len(), format!("{}{more}", list.join(", ")));
                let from = self.months.iter().max_by_key(|(_, n)| **n).map_or(first, |(month, _)| *month);
                let cure = msg!("SEVERAL_MONTHS_CURE", from, to = from.last_of_month());
                Err(Unusable::new("SEVERAL_MONTHS", RECORDS.file, msg!("SEVERAL_MONTHS", count, months), cure))
            }
        }
    }
}
