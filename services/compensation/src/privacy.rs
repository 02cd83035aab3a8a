//! What the service holds about people: told on request, kept when somebody is erased, removed when it is over.

use tally_access::Permission::StatementReadPay;
use tally_store::{Fate, Holding};

use crate::statement::store as statement;

/// The service's tables that tell of people. Carry books and sums are of the group and sealed as a whole.
pub const HOLDINGS: &[Holding] = &[Holding::of::<statement::Entity>(
    StatementReadPay,
    Fate::Kept("pay is kept as long as the law says, sealed for the group, under an id that means nobody any more"),
    Some(("compensation.pay", "recorded_at")),
)];

tally_privacy::room!(
    tally_api::compensation::v1,
    crate::policy::ExportPerson,
    crate::policy::RunRetention,
    crate::privacy::HOLDINGS
);
