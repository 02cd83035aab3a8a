//! The words of the pages for rungs, steps and kinds of findings.

use tally_kernel::{Message, msg};

use crate::cli::Language;

/// The rungs of the ladder from certain to nothing, as files name them.
pub(super) const RUNGS: [&str; 12] = [
    "tag",
    "claim",
    "handover",
    "device",
    "sole",
    "split",
    "inferred",
    "replies",
    "tag_share",
    "equal",
    "team",
    "unattributed",
];
/// Those that are shown only where a record has them.
pub(super) const SELDOM: [&str; 5] = ["split", "claim", "device", "replies", "tag_share"];

/// How a person says a rung.
pub(super) fn rung(name: &str, lang: Language) -> String {
    lang.say(&match name {
        "tag" => msg!("RUNG_TAG"),
        "handover" => msg!("RUNG_HANDOVER"),
        "sole" => msg!("RUNG_SOLE"),
        "inferred" => msg!("RUNG_INFERRED"),
        "equal" => msg!("RUNG_EQUAL"),
        "team" => msg!("RUNG_TEAM"),
        "split" => msg!("RUNG_SPLIT"),
        "claim" => msg!("RUNG_CLAIM"),
        "device" => msg!("RUNG_DEVICE"),
        "replies" => msg!("RUNG_REPLIES"),
        "tag_share" => msg!("RUNG_TAG_SHARE"),
        "unattributed" => msg!("RUNG_UNATTRIBUTED"),
        other => Message::told(other),
    })
}

/// What a kind of finding means; nothing for one that is not known here.
pub(super) fn finding(kind: &str, lang: Language) -> Option<String> {
    of_credit(kind).or_else(|| of_inputs(kind)).map(|said| lang.say(&said))
}

/// What was found in crediting records.
fn of_credit(kind: &str) -> Option<Message> {
    Some(match kind {
        "TAG_OFF_DUTY" => msg!("KIND_TAG_OFF_DUTY"),
        "NAMED_WITHOUT_AGENT" => msg!("KIND_NAMED_WITHOUT_AGENT"),
        "MIXED_WITHOUT_TAG" => msg!("KIND_MIXED_WITHOUT_TAG"),
        "TOO_FEW_TO_INFER" => msg!("KIND_TOO_FEW_TO_INFER"),
        "SEVERAL_AT_ONCE" => msg!("KIND_SEVERAL_AT_ONCE"),
        "REPLIES_TOO_DENSE" => msg!("KIND_REPLIES_TOO_DENSE"),
        "EVIDENCE_UNEVEN" => msg!("KIND_EVIDENCE_UNEVEN"),
        "TOO_FEW_REPLIES" => msg!("KIND_TOO_FEW_REPLIES"),
        "CLOCK_WITHOUT_SECONDS" => msg!("KIND_CLOCK_WITHOUT_SECONDS"),
        "CLAIM_OFF_DUTY" => msg!("KIND_CLAIM_OFF_DUTY"),
        "CLAIM_WITHOUT_RECORD" => msg!("KIND_CLAIM_WITHOUT_RECORD"),
        "CLAIMS_DIFFER" => msg!("KIND_CLAIMS_DIFFER"),
        "DEVICE_OFF_DUTY" => msg!("KIND_DEVICE_OFF_DUTY"),
        "DEVICE_OF_SEVERAL" => msg!("KIND_DEVICE_OF_SEVERAL"),
        "DEVICE_OF_NOBODY" => msg!("KIND_DEVICE_OF_NOBODY"),
        "EVIDENCE_NOT_READ" => msg!("KIND_EVIDENCE_NOT_READ"),
        "REPLY_OUTSIDE_RECORD" => msg!("KIND_REPLY_OUTSIDE_RECORD"),
        "BREAKS_NOT_PUNCHED" => msg!("KIND_BREAKS_NOT_PUNCHED"),
        "CLOCKS_APART" => msg!("KIND_CLOCKS_APART"),
        "DID_NOT_SETTLE" => msg!("KIND_DID_NOT_SETTLE"),
        _ => return None,
    })
}

/// What was found in a month's facts and files.
fn of_inputs(kind: &str) -> Option<Message> {
    Some(match kind {
        "MISSING_PUNCH" => msg!("KIND_MISSING_PUNCH"),
        "UNCOVERED_SHIFT" => msg!("KIND_UNCOVERED_SHIFT"),
        "BARELY_COVERED_SHIFT" => msg!("KIND_BARELY_COVERED_SHIFT"),
        "HELD_BY_OTHERS" => msg!("KIND_HELD_BY_OTHERS"),
        "NOT_EMPLOYED" => msg!("KIND_NOT_EMPLOYED"),
        "DOUBLE_IN" => msg!("KIND_DOUBLE_IN"),
        "OVERLAP" => msg!("KIND_OVERLAP"),
        "MISSING_RELEASE" => msg!("KIND_MISSING_RELEASE"),
        "RELEASE_WITHOUT_TAKE" => msg!("KIND_RELEASE_WITHOUT_TAKE"),
        "UNHELD_ACCOUNT" => msg!("KIND_UNHELD_ACCOUNT"),
        "NO_DUTY_EVIDENCE" => msg!("KIND_NO_DUTY_EVIDENCE"),
        "NOT_SETTLED" => msg!("KIND_NOT_SETTLED"),
        "ODD_PUNCHES" => msg!("KIND_ODD_PUNCHES"),
        "SINGLE_PUNCH" => msg!("KIND_SINGLE_PUNCH"),
        "PUNCHES_BETWEEN" => msg!("KIND_PUNCHES_BETWEEN"),
        "LONG_PRESENCE" => msg!("KIND_LONG_PRESENCE"),
        "READ_AS_NIGHT" => msg!("KIND_READ_AS_NIGHT"),
        "DAY_OR_NIGHT" => msg!("KIND_DAY_OR_NIGHT"),
        "UNKNOWN_AGENT" => msg!("KIND_UNKNOWN_AGENT"),
        "AMOUNTS_CONVERTED" => msg!("KIND_AMOUNTS_CONVERTED"),
        "CONTRIBUTOR_UNKNOWN" => msg!("KIND_CONTRIBUTOR_UNKNOWN"),
        "CONTRIBUTOR_OFF_DUTY" => msg!("KIND_CONTRIBUTOR_OFF_DUTY"),
        "CONTRIBUTORS_NOT_SPLIT" => msg!("KIND_CONTRIBUTORS_NOT_SPLIT"),
        "CONVERTED_ENCODING" => msg!("KIND_CONVERTED_ENCODING"),
        "CONVERTED_SEPARATOR" => msg!("KIND_CONVERTED_SEPARATOR"),
        "MISSING_COLUMN" => msg!("KIND_MISSING_COLUMN"),
        "UNKNOWN_COLUMN" => msg!("KIND_UNKNOWN_COLUMN"),
        "UNKNOWN_FILE" => msg!("KIND_UNKNOWN_FILE"),
        "EMPTY_FILE" => msg!("KIND_EMPTY_FILE"),
        "DUPLICATE_RECORD" => msg!("KIND_DUPLICATE_RECORD"),
        "DUPLICATE_ROW" => msg!("KIND_DUPLICATE_ROW"),
        "OUTSIDE_PERIOD" => msg!("KIND_OUTSIDE_PERIOD"),
        "DAMAGED_ID" => msg!("KIND_DAMAGED_ID"),
        "HOUR_TWICE" => msg!("KIND_HOUR_TWICE"),
        "NO_VALUE" => msg!("KIND_NO_VALUE"),
        "CLEANED_CELL" => msg!("KIND_CLEANED_CELL"),
        "LONG_RECORD" => msg!("KIND_LONG_RECORD"),
        "REPLIES_TOO_MANY" => msg!("KIND_REPLIES_TOO_MANY"),
        "POPULATION_OF_NOBODY" => msg!("KIND_POPULATION_OF_NOBODY"),
        "TRANSFER" => msg!("KIND_TRANSFER"),
        "REHIRE" => msg!("KIND_REHIRE"),
        "TEAM_WITHOUT_PEOPLE" => msg!("KIND_TEAM_WITHOUT_PEOPLE"),
        "BRANCH_WITHOUT_PEOPLE" => msg!("KIND_BRANCH_WITHOUT_PEOPLE"),
        "MEASURE_NOT_SENT" => msg!("KIND_MEASURE_NOT_SENT"),
        "OBSERVATIONS_BEYOND_PERIOD" => msg!("KIND_OBSERVATIONS_BEYOND_PERIOD"),
        "OBSERVATIONS_UNREAD" => msg!("KIND_OBSERVATIONS_UNREAD"),
        "REFUND_EXCEEDS_SALE" => msg!("KIND_REFUND_EXCEEDS_SALE"),
        _ => return None,
    })
}
