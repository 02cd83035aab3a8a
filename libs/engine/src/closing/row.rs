//! A record as closing reads it, and its values.

use tally_kernel::Micro;
use tally_kernel::contribution::Contribution;

use crate::scoring::definition::Value;

/// A record as the store gives it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Start, milliseconds since 1970.
    pub started_ms: i64,
    /// End.
    pub ended_ms: i64,
    /// The platform's own id.
    pub external_id: &'a str,
    /// Agent as written.
    pub agent: &'a str,
    /// Who contributed what, in order.
    pub contributors: &'a [Contribution],
    /// Kind of service.
    pub kind: &'a str,
    /// Customer, or empty.
    pub customer: &'a str,
    /// Milliseconds until the first reply.
    pub first_reply_ms: Option<i64>,
    /// Whether resolved.
    pub resolved: Option<bool>,
    /// Rating in thousandths.
    pub rating_milli: Option<i32>,
    /// Sales in minor units.
    pub amount_minor: Option<i64>,
    /// Values of the custom measures that the scheme asks for, in its order.
    pub custom: &'a [Option<Micro>],
    /// The workstation, browser or seat that it was served at, or empty.
    pub device: &'a str,
    /// The record's content digest.
    pub content: &'a [u8],
}

impl Row<'_> {
    /// A value beside those of columns; of a yes or no, one or zero. Nothing where it was not measured.
    pub fn value(&self, value: &Value, minor_digits: u32) -> Option<Micro> {
        let micro = |n: i64, factor: i64| Some(Micro::from_millionths(n.checked_mul(factor)?));
        match value {
            Value::FirstReplySeconds => micro(self.first_reply_ms?, 1_000),
            Value::DurationSeconds => micro(self.ended_ms - self.started_ms, 1_000),
            Value::Resolved => Some(if self.resolved? { Micro::ONE } else { Micro::ZERO }),
            Value::Rating => micro(self.rating_milli?.into(), 1_000),
            Value::Amount => micro(self.amount_minor?, 10_i64.pow(6_u32.saturating_sub(minor_digits))),
            Value::Column(_) => None,
        }
    }
}
