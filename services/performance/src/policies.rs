//! The numbers of attribution, as contracts carry them.

use jiff::civil::Time;
use tally_api::attendance::v1::DutyPolicy;
use tally_api::performance::v1 as pb;
use tally_engine::policy::{Policy, Split, VERSIONS};
use tally_kernel::error::Violations;
use tally_kernel::{limits, msg};

/// What is not said is the default; a session window of 0 merges nothing.
pub fn policy_of(v: &mut Violations, path: &str, sent: pb::AttributionPolicy) -> Option<Policy> {
    let (default, duty) = (Policy::default(), sent.duty.unwrap_or_default());
    let cut_over: Time = match duty.cut_over.as_str() {
        "" => default.cut_over,
        text => match Time::strptime("%H:%M", text) {
            Ok(time) => time,
            Err(_) => {
                v.push(format!("{path}.duty.cut_over"), msg!("TIME_OF_DAY_MALFORMED", text));
                return None;
            }
        },
    };
    let version = if sent.version.is_empty() { default.version } else { sent.version };
    if !VERSIONS.contains(&version.as_str()) {
        v.push(format!("{path}.version"), msg!("RULES_VERSION_UNKNOWN", version));
        return None;
    }
    let policy = Policy {
        version,
        grace_minutes: duty.grace_minutes.unwrap_or(default.grace_minutes),
        max_hours: if duty.max_hours == 0 { default.max_hours } else { duty.max_hours },
        cut_over,
        session_window_seconds: sent.session_window_seconds,
        inference_off: sent.inference_off,
        min_ambiguous: sent.min_ambiguous.unwrap_or(default.min_ambiguous),
        split: match sent.split {
            Some(split) => Some(split_of(v, &format!("{path}.split"), split)?),
            None => None,
        },
    };
    if ![0, policy.duty_rules()].contains(&duty.version) {
        v.push(format!("{path}.duty.version"), msg!("RULES_VERSION_DIFFERS", version = policy.duty_rules()));
        return None;
    }
    Some(policy)
}

/// Parts that are exact: nothing is rounded, and what does not sum to a record is refused.
fn split_of(v: &mut Violations, path: &str, sent: pb::ContributorSplit) -> Option<Split> {
    let pb::ContributorSplit { version, first_answer_ppm, closer_ppm, after_sales_ppm } = sent;
    v.text(&format!("{path}.version"), &version, limits::TEXT);
    let split = Split { version, first_answer: first_answer_ppm, closer: closer_ppm, after_sales: after_sales_ppm };
    if !split.is_whole() {
        let sum: u64 = [first_answer_ppm, closer_ppm, after_sales_ppm].into_iter().map(u64::from).sum();
        v.push(path, msg!("SPLIT_NOT_WHOLE", sum));
        return None;
    }
    Some(split)
}

pub fn policy_to(policy: Policy) -> pb::AttributionPolicy {
    pb::AttributionPolicy {
        duty: Some(DutyPolicy {
            version: policy.duty_rules(),
            grace_minutes: Some(policy.grace_minutes),
            max_hours: policy.max_hours,
            cut_over: policy.cut_over.strftime("%H:%M").to_string(),
        }),
        version: policy.version,
        session_window_seconds: policy.session_window_seconds,
        inference_off: policy.inference_off,
        min_ambiguous: Some(policy.min_ambiguous),
        split: policy.split.map(|split| pb::ContributorSplit {
            version: split.version,
            first_answer_ppm: split.first_answer,
            closer_ppm: split.closer,
            after_sales_ppm: split.after_sales,
        }),
    }
}
