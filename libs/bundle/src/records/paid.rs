//! What a record brought or a refund took back, in which currency, and which version of the record says so.

use jiff::tz::TimeZone;
use tally_kernel::{Currency, msg};

use super::super::cell;
use super::super::diagnostics::{RowDiagnostic, Wrong};
use super::super::table::Row;
use super::{Reader, given};

impl Reader<'_, '_> {
    /// The amount in its currency; of a refund what was paid back, which is negative.
    pub(super) fn checked_amount(
        &self,
        row: &Row<'_>,
        (currency, refers_to): (&Option<Option<Currency>>, &Option<Option<String>>),
        diagnostic: &mut RowDiagnostic,
    ) -> Option<Option<i64>> {
        // Where the currency is none, nobody knows how many places the amount has.
        let currency = currency.as_ref()?.as_ref().map_or(self.currency, Currency::code);
        let is_refund = refers_to.as_ref()?.is_some();
        let read = |text: &str| {
            let (text, stands) = (self.numbers.plain(text)?, self.numbers.stands(text));
            match cell::paid_back(&text).filter(|_| is_refund) {
                Some(back) => cell::amount_of_record(back, currency, stands).map(|minor| -minor),
                None => cell::amount_of_record(&text, currency, stands),
            }
        };
        let amount = diagnostic.take("amount", given(row.get(11), read))?;
        if is_refund && amount.is_none_or(|minor| minor >= 0) {
            diagnostic.add("amount", Wrong::new(msg!("REFUND_PAYS_NOTHING"), msg!("REFUND_PAYS_NOTHING_CURE")));
        }
        Some(amount)
    }

    /// A currency, if it is not the group's.
    pub(super) fn foreign(&self, text: &str) -> Result<Option<Currency>, Wrong> {
        Ok(Some(cell::currency(text)?).filter(|currency| currency.code() != self.currency))
    }

    /// The revision, or the time of the last change as one.
    pub(super) fn revision(&self, row: &Row<'_>, zone: &TimeZone, diagnostic: &mut RowDiagnostic) -> Option<u64> {
        let revision = diagnostic.take("revision", given(row.get(13), cell::revision));
        let changed = if self.literal { "" } else { row.get(16) };
        let changed = diagnostic.take("revised_at", given(changed, |text| cell::moment(text, zone)));
        match (revision?, changed?) {
            (Some(_), Some(_)) => {
                diagnostic.add("revised_at", Wrong::new(msg!("REVISED_TWICE"), msg!("REVISED_TWICE_CURE")));
                None
            }
            (revision, None) => Some(revision.unwrap_or(0)),
            (None, Some(changed)) => Some(u64::try_from(changed.at.as_millisecond()).unwrap_or(0)),
        }
    }
}
