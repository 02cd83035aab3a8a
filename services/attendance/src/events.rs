//! What attendance tells others: that a fact of duty was put right; and the log that others read.

use jiff::civil::Date;
use tally_api::attendance::v1::DutyCorrected;
use tally_app::convert::date_text;
use tally_app::events::event;
use tally_kernel::Result;
use tally_kernel::id::{AccountId, CorrectionId, PersonId};
use tally_store::Event;

tally_app::event_room!(tally_api::attendance::v1, crate::policy::ReadEvents);

/// A fact was put right: what was done to what, and where it is felt.
pub(crate) fn duty_corrected(
    id: CorrectionId,
    what: String,
    accounts: impl IntoIterator<Item = AccountId>,
    people: impl IntoIterator<Item = PersonId>,
    (from, to): (Option<Date>, Option<Date>),
) -> Result<Event> {
    event(&DutyCorrected {
        correction_id: id.to_string(),
        what,
        account_ids: accounts.into_iter().map(|id| id.to_string()).collect(),
        from: date_text(from),
        to: date_text(to),
        person_ids: people.into_iter().map(|id| id.to_string()).collect(),
    })
}
