//! How a finding is told, whoever found it.

use tally_api::common::v1 as common;
use tally_kernel::message::Arg;
use tally_kernel::{Locale, Message};

/// A finding for a caller who reads this language, with its message as data. What is said within its sentence by another
/// message stands in the sentence alone.
pub fn finding(kind: String, subject: String, at: String, detail: &Message, locale: Locale) -> common::Finding {
    let arguments = detail.args().iter().filter_map(|(name, arg)| match arg {
        Arg::Text(value) => Some(common::Argument { name: (*name).to_owned(), value: value.clone() }),
        Arg::Message(_) | Arg::List(_) => None,
    });
    common::Finding {
        kind,
        subject,
        at,
        detail: tally_i18n::text(locale, detail),
        message: detail.id().to_owned(),
        arguments: arguments.collect(),
    }
}
