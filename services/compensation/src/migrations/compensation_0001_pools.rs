//! Pools: the amount is sealed.

use tally_store::class::Salary;
use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("pools")
        .columns(&[region(), text("name"), uuid("cycle_id"), bytes("amount"), text("rule")])
        .sealed::<Salary>("amount");
}
