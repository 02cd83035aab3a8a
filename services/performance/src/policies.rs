//! The numbers of attribution, as contracts carry them.

use jiff::civil::Time;
use tally_api::attendance::v1::DutyPolicy;
use tally_api::performance::v1 as pb;
use tally_engine::policy::{Policy, VERSIONS};
use tally_kernel::error::Violations;
use tally_kernel::msg;

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
    };
    if ![0, policy.rules()].contains(&duty.version) {
        v.push(format!("{path}.duty.version"), msg!("RULES_VERSION_DIFFERS", version = policy.rules()));
        return None;
    }
    Some(policy)
}

pub fn policy_to(policy: Policy) -> pb::AttributionPolicy {
    pb::AttributionPolicy {
        duty: Some(DutyPolicy {
            version: policy.rules(),
            grace_minutes: Some(policy.grace_minutes),
            max_hours: policy.max_hours,
            cut_over: policy.cut_over.strftime("%H:%M").to_string(),
        }),
        version: policy.version,
        session_window_seconds: policy.session_window_seconds,
        inference_off: policy.inference_off,
        min_ambiguous: Some(policy.min_ambiguous),
    }
}
