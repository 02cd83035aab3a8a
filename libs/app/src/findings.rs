//! How a finding is told, whoever found it.

use tally_api::common::v1 as common;
use tally_kernel::message::Arg;
use tally_kernel::{Locale, Message, msg};

/// A finding for a caller who reads this language, with its message as data, and what to do about it. What is said within its
/// sentence by another message stands in the sentence alone.
pub fn finding(kind: String, subject: String, at: String, detail: &Message, locale: Locale) -> common::Finding {
    let arguments = detail.args().iter().filter_map(|(name, arg)| match arg {
        Arg::Text(value) => Some(common::Argument { name: (*name).to_owned(), value: value.clone() }),
        Arg::Message(_) | Arg::List(_) => None,
    });
    common::Finding {
        subject,
        at,
        detail: tally_i18n::text(locale, detail),
        message: detail.id().to_owned(),
        arguments: arguments.collect(),
        advice: tally_i18n::text(locale, &advice(&kind)),
        kind,
        ..Default::default()
    }
}

/// What to do about a finding of this kind.
fn advice(kind: &str) -> Message {
    msg!("FINDING_ADVICE", kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind that attendance, the engine and performance find.
    const KINDS: [&str; 43] = [
        "NO_DUTY_EVIDENCE",
        "UNHELD_ACCOUNT",
        "OVERLAP",
        "MISSING_RELEASE",
        "RELEASE_WITHOUT_TAKE",
        "DOUBLE_IN",
        "MISSING_PUNCH",
        "UNCOVERED_SHIFT",
        "BARELY_COVERED_SHIFT",
        "HELD_BY_OTHERS",
        "NOT_EMPLOYED",
        "TAG_OFF_DUTY",
        "NAMED_WITHOUT_AGENT",
        "MIXED_WITHOUT_TAG",
        "TOO_FEW_TO_INFER",
        "DID_NOT_SETTLE",
        "SEVERAL_AT_ONCE",
        "TOO_FEW_REPLIES",
        "CLOCK_WITHOUT_SECONDS",
        "REPLIES_TOO_DENSE",
        "EVIDENCE_UNEVEN",
        "REPLY_OUTSIDE_RECORD",
        "BREAKS_NOT_PUNCHED",
        "CLOCKS_APART",
        "DEVICE_OFF_DUTY",
        "DEVICE_OF_SEVERAL",
        "DEVICE_OF_NOBODY",
        "EVIDENCE_NOT_READ",
        "CLAIM_OFF_DUTY",
        "CLAIM_WITHOUT_RECORD",
        "CLAIMS_DIFFER",
        "UNKNOWN_AGENT",
        "ACCOUNT_UNKNOWN",
        "POPULATION_CHANGED",
        "MEASURE_NOT_SENT",
        "AMOUNTS_CONVERTED",
        "CONTRIBUTOR_UNKNOWN",
        "CONTRIBUTOR_OFF_DUTY",
        "CONTRIBUTORS_NOT_SPLIT",
        "OBSERVATIONS_BEYOND_PERIOD",
        "OBSERVATIONS_UNREAD",
        "REFUND_EXCEEDS_SALE",
        "STANDARD_WITHDRAWN",
    ];

    #[test]
    fn every_kind_of_finding_says_what_to_do_in_both_languages() {
        let mut said = std::collections::BTreeSet::new();
        for locale in [Locale::En, Locale::ZhCn] {
            let other = tally_i18n::text(locale, &advice("ANYTHING_ELSE"));
            for kind in KINDS {
                let told = tally_i18n::text(locale, &advice(kind));
                assert!(told != other && !told.contains("FINDING_ADVICE"), "{kind}: {told}");
                assert!(said.insert(told.clone()), "{kind} is told apart: {told}");
            }
        }
    }
}
