//! Examples of questions and answers: every operation takes its own (`tests/it` sends them all).

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::fields::{Format, format_of, is_output_only, is_required};

/// How deep messages within messages are shown.
const DEEPEST: usize = 5;
/// Fields of an answer's message that are shown at most.
const MOST_FIELDS: usize = 12;

const ID: &str = "01977f2e-8a4c-7d31-9b52-6f0c1e2d3a4b";
const ANOTHER_ID: &str = "01977f2e-8a4c-7d31-9b52-6f0c1e2d3a4c";

/// Fields that no example shows: tokens are nobody's to make up, and headers say request ids and etags.
const UNSHOWN: [&str; 3] = ["page_token", "request_id", "etag"];

/// Fields of questions that exclude others, or belong to some of the kinds only that their message is of. What they exclude is shown.
const LEFT_OUT: [&str; 28] = [
    "attendance.v1.Device.region",
    "attendance.v1.Device.seat",
    "attendance.v1.Device.unit_id",
    "attendance.v1.MoveDeviceRequest.seat",
    "common.v1.SearchAuditRequest.principal_id",
    "common.v1.SearchAuditRequest.subject",
    "common.v1.SearchAuditRequest.subject_id",
    "compensation.v1.ListDeltasRequest.waiting_only",
    "identity.v1.CatalogueRow.rank",
    "identity.v1.GetPersonRequest.employee_no",
    "identity.v1.GetPersonRequest.id_number",
    "identity.v1.Grant.scope_ref",
    "identity.v1.GrantRoleRequest.login",
    "identity.v1.ListOrgUnitsRequest.through",
    "identity.v1.ListRatesRequest.with_superseded",
    "identity.v1.OpenBreakGlassRequest.scope_ref",
    "performance.v1.Claim.customer",
    "performance.v1.ExplainRecordRequest.attribution_run_id",
    "performance.v1.ExportCreditsRequest.attribution_run_id",
    "performance.v1.KpiBounds.weight_within",
    "performance.v1.ListFindingsRequest.attribution_run_id",
    "performance.v1.ListTotalsRequest.attribution_run_id",
    "performance.v1.ListTouchedCyclesRequest.scheme_id",
    "performance.v1.MakeClaimRequest.customer",
    "performance.v1.Observation.from",
    "performance.v1.Observation.to",
    "performance.v1.Observation.unit_id",
    "performance.v1.Population.as_of",
];
/// The same of questions about a version or an instant.
const BY_VERSION: [&str; 4] = ["ExplainRecordRequest", "ExportCreditsRequest", "ListCardsRequest", "GetCardRequest"];

/// A question without some fields.
pub fn of_question(message: &MessageDescriptor, without: &[&str]) -> Value {
    let mut told = Map::new();
    for field in message.fields().filter(|field| !without.contains(&field.name()) && is_shown(field)) {
        if let Some(value) = asked(&field, 0) {
            told.insert(field.json_name().to_owned(), value);
        }
    }
    Value::Object(told)
}

/// An answer.
pub fn of_answer(message: &MessageDescriptor) -> Value {
    within(message, false, 0)
}

/// A value of a field that stands in the path.
pub fn of_variable(field: &FieldDescriptor) -> Option<Value> {
    asked(field, DEEPEST)
}

/// A value of a field that stands behind the `?`; nothing where an example shows another field in its place.
pub fn of_parameter(way: &[FieldDescriptor]) -> Option<Value> {
    way.iter().all(is_shown).then(|| asked(way.last()?, DEEPEST)).flatten()
}

fn asked(field: &FieldDescriptor, depth: usize) -> Option<Value> {
    let value = value(field, true, depth)?;
    Some(if field.is_list() { json!([value]) } else { value })
}

/// Whether an example of a question shows the field.
fn is_shown(field: &FieldDescriptor) -> bool {
    let full = field.full_name().trim_start_matches("tally.");
    let of_version = || {
        let message = full.strip_prefix("performance.v1.").and_then(|rest| rest.strip_suffix(".known_at"));
        message.is_some_and(|message| BY_VERSION.contains(&message))
    };
    let of_choice = |choice: prost_reflect::OneofDescriptor| choice.fields().next().is_none_or(|first| first == *field);
    (!UNSHOWN.contains(&field.name()) || is_required(field))
        && !LEFT_OUT.contains(&full)
        && !of_version()
        && !is_output_only(field)
        // Of a choice only one may be there.
        && field.containing_oneof().is_none_or(of_choice)
}

fn within(message: &MessageDescriptor, asks: bool, depth: usize) -> Value {
    let mut told = Map::new();
    let mut chosen = Vec::new();
    let shown = message.fields().filter(|field| !asks || is_shown(field));
    let most = if asks { usize::MAX } else { MOST_FIELDS };
    for field in shown.take(most) {
        if let Some(choice) = field.containing_oneof() {
            if chosen.contains(&choice.full_name().to_owned()) {
                continue;
            }
            chosen.push(choice.full_name().to_owned());
        }
        if let Some(value) = value(&field, asks, depth) {
            told.insert(field.json_name().to_owned(), if field.is_list() { json!([value]) } else { value });
        }
    }
    Value::Object(told)
}

fn value(field: &FieldDescriptor, asks: bool, depth: usize) -> Option<Value> {
    if let Some(own) = own(field) {
        return Some(own);
    }
    Some(match field.kind() {
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => json!(instant(field.name())),
        Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => json!("600s"),
        // Answers are shown less deep: they are read, and never sent.
        Kind::Message(message) if depth + usize::from(!asks) * 2 < DEEPEST => within(&message, asks, depth + 1),
        Kind::Message(_) => return None,
        Kind::Enum(one) => json!(one.values().nth(1).or_else(|| one.values().next())?.name()),
        Kind::Bool => json!(true),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => json!("1250"),
        Kind::Double | Kind::Float => json!(0.5),
        Kind::Bytes => json!("UEs="),
        Kind::String => json!(text(field)),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => json!(1),
    })
}

fn instant(name: &str) -> &'static str {
    match name {
        "to" | "until" | "ended_at" | "expires_at" => "2026-03-31T18:00:00Z",
        "end" => "2026-03-02T17:00:00Z",
        _ => "2026-03-02T09:00:00Z",
    }
}

/// Values that fit this field alone.
fn own(field: &FieldDescriptor) -> Option<Value> {
    Some(match field.full_name().trim_start_matches("tally.") {
        "attendance.v1.DutyPolicy.version" => json!(3),
        "identity.v1.CatalogueRow.code" => json!("agent"),
        "identity.v1.PersonRow.employment_kind" => json!("full_time"),
        "performance.v1.Record.kind" => json!("presale"),
        "identity.v1.Grant.hours" => json!("08:00-20:00"),
        "identity.v1.Grant.role" => json!("auditor"),
        "identity.v1.OpenBreakGlassRequest.minutes" => json!(30),
        "identity.v1.OpenBreakGlassRequest.scope" => json!("SCOPE_KIND_TENANT"),
        "identity.v1.OrgUnitRow.kind" => json!("ORG_UNIT_KIND_BRANCH"),
        "identity.v1.OrgUnitRow.path" => json!("North"),
        "identity.v1.Role.name" => json!("quality_reader"),
        "identity.v1.SetModulesRequest.modules" => json!("attendance"),
        "identity.v1.SetRetentionRequest.kind" => json!("attendance.aliases"),
        "identity.v1.SetRetentionRequest.months" => json!(36),
        "identity.v1.SsoProvider.name" | "identity.v1.RemoveSsoProviderRequest.name" => json!("group-login"),
        "performance.v1.AttributionPolicy.version" => json!("3"),
        "performance.v1.ContributorSplit.first_answer_ppm" => json!(500_000),
        "performance.v1.ContributorSplit.closer_ppm" => json!(300_000),
        "performance.v1.ContributorSplit.after_sales_ppm" => json!(200_000),
        "performance.v1.CountingHours.from" => json!("09:00"),
        "performance.v1.CountingHours.to" => json!("21:00"),
        "performance.v1.Kpi.target" => json!("120"),
        "performance.v1.MoveRecordRequest.to_account_id" => json!(ANOTHER_ID),
        "performance.v1.MoveRecordRequest.to_region" | "performance.v1.PrepareTransferRequest.to_region" => {
            json!("cn-south")
        }
        _ => return None,
    })
}

/// What a text of this field may be.
fn text(field: &FieldDescriptor) -> &'static str {
    let known = match field.name() {
        "request_id" => ID,
        "to" | "through" => "2026-03-31",
        "valid_to" | "left_on" => "2026-12-31",
        "quote" => "USD",
        "next_page_token" => "AbC0",
        "reason" => "The platform sent the month again",
        "external_id" => "JD-20260302-000117",
        "customer" => "c-58121",
        "employee_no" => "E0042",
        "login" | "admin_login" => "anna",
        "provider" => "group-login",
        "platform" => "JD",
        "store" => "Star River",
        "alias" | "agent" => "Little Star",
        "device" => "desk-7",
        "team_path" | "unit_path" | "path" => "North/Service",
        "position" => "agent",
        "grade" => "P3",
        "source" => "quality checks",
        "name" if is_required(field) => "March",
        "code" => "123456",
        name if name.ends_with("password") => "correct horse battery",
        _ => "",
    };
    if !known.is_empty() {
        return known;
    }
    match format_of(field) {
        Some(Format::Id) => ID,
        Some(Format::Date) => "2026-03-01",
        Some(Format::Month) => "2026-03",
        Some(Format::TimeOfDay) => "04:00",
        Some(Format::Decimal) => "1.5",
        Some(Format::Currency) => "CNY",
        Some(Format::Zone) => "Asia/Shanghai",
        Some(Format::Region) => "cn-north",
        Some(Format::Permission) => "attendance.punch.read",
        Some(Format::Uri) => "https://sso.example.com",
        None => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_there() {
        let pool = tally_api::classes::pool();
        let is_there = |name: &&str| {
            let (message, field) = name.rsplit_once('.').unwrap();
            pool.get_message_by_name(&format!("tally.{message}"))
                .is_some_and(|it| it.get_field_by_name(field).is_some())
        };
        let known_at = BY_VERSION.map(|message| format!("performance.v1.{message}.known_at"));
        let all = LEFT_OUT.into_iter().chain(known_at.iter().map(String::as_str));
        assert_eq!(all.filter(|name| !is_there(name)).collect::<Vec<_>>(), Vec::<&str>::new());
    }
}
