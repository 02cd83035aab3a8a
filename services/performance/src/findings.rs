//! How findings are told, as contracts carry them.

use tally_access::Locale;
use tally_api::common::v1 as common;
use tally_engine::closing::facts::Fix;

use crate::credit::facts::Found;

/// A finding as it is told.
pub fn finding(Found { id, finding, .. }: Found, locale: Locale) -> common::Finding {
    common::Finding {
        finding_id: id.to_string(),
        person_id: finding.person.map(|person| person.to_string()).unwrap_or_default(),
        fix: finding.fix.map(fix),
        ..tally_app::finding(finding.kind, finding.subject, finding.at, &finding.detail, locale)
    }
}

pub fn fix(fix: Fix) -> common::Fix {
    common::Fix { service: fix.service, method: fix.method, request: fix.request }
}
