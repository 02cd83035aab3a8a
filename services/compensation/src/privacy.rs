//! What the service holds about people: told on request, kept when somebody is erased, removed when it is over.

use tally_access::Permission::{PoolRead, SettlementRead, StatementReadPay};
use tally_privacy::{DataTable, ErasureRule};

use crate::correction::store::{self as correction, adjustments, deltas};
use crate::settlement::store::{self as settlement, carry};
use crate::statement::store as statement;
use crate::{policy, pool};

/// Why an erasure leaves pay as it is.
const PAY: ErasureRule = ErasureRule::Kept(
    "pay is kept as long as the law says, sealed for the group, under an id that means nobody any more",
);

/// The service's tables that tell of people.
pub const DATA_TABLES: &[DataTable] = &[
    DataTable::of::<statement::Entity>(StatementReadPay, PAY, Some(("compensation.pay", "recorded_at"))),
    DataTable::of::<deltas::Entity>(StatementReadPay, PAY, Some(("compensation.pay", "recorded_at"))),
    DataTable::of::<adjustments::Entity>(StatementReadPay, PAY, Some(("compensation.pay", "recorded_at"))),
];

/// The tables of the group beside them. What a carry book holds is what people are still owed.
pub const GROUP: &[DataTable] = &[
    DataTable::of_the_group::<pool::store::Entity>(PoolRead),
    DataTable::of_the_group::<settlement::Entity>(SettlementRead),
    DataTable::of_the_group::<correction::Entity>(SettlementRead),
    DataTable::of_the_group::<carry::Entity>(StatementReadPay),
];

tally_privacy::room!(tally_api::compensation::v1, policy, DATA_TABLES, GROUP);
