//! How long a record lasts.

use tally_kernel::{limits, msg};

use super::super::cell::Moment;
use super::super::diagnostics::{RowDiagnostic, Wrong};
use super::{LONG_HOURS, Reader};

impl Reader<'_, '_> {
    /// A day is long for a record, and more than a month is a mistake in a date.
    pub(super) fn note_length(&mut self, start: &Moment, end: &Moment, id: &str, diagnostic: &mut RowDiagnostic) {
        let hours = end.at.duration_since(start.at).as_hours();
        if self.literal || hours < LONG_HOURS {
            return;
        }
        if hours > limits::RECORD_HOURS {
            let reason = msg!("RECORD_TOO_LONG", end = end.local, start = start.local, days = hours / 24);
            diagnostic
                .add("ended_at", Wrong::new(reason, msg!("RECORD_TOO_LONG_CURE", most = limits::RECORD_HOURS / 24)));
        } else if !diagnostic.is_there() {
            self.long.note(id.to_owned());
        }
    }
}
