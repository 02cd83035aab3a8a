//! What the rooms' `rpc.rs` share: money and instants on the wire.

use jiff::Timestamp;
use tally_api::common::v1 as common;
use tally_kernel::Result;
use tally_kernel::money::Money;

/// Money for the wire.
pub fn money(money: Money) -> common::Money {
    common::Money { currency: money.currency.to_string(), minor: money.minor }
}

/// Money from the wire.
pub fn read_money(money: Option<common::Money>) -> Result<Money> {
    let money = money.unwrap_or_default();
    Ok(Money { minor: money.minor, currency: money.currency.parse()? })
}

/// An instant for the wire.
pub fn instant(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// Digest of a request's body, by which a repeated request is told from another one with the same id.
pub fn body_digest(body: &[u8]) -> [u8; 32] {
    tally_store::digest(body)
}
