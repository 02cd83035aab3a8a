//! Requests made from the contract alone: every field filled, every id somebody else's.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

/// Ids by the name of the field they go into.
pub type Ids = BTreeMap<&'static str, String>;

/// Where an id of a field's name is found: schema, table, column.
pub const SOURCES: &[(&str, &str)] = &[
    ("account_id", "attendance.accounts.id"),
    ("alias_id", "attendance.aliases.id"),
    ("attribution_run_id", "performance.attribution_runs.id"),
    ("admin_principal_id", "identity.principals.id"),
    ("break_glass_id", "identity.break_glasses.id"),
    ("card_id", "performance.cards.id"),
    ("cell_id", "performance.report_cells.id"),
    ("correction_id", "attendance.corrections.id"),
    ("claim_id", "performance.claims.id"),
    ("corrects_id", "performance.cycles.id"),
    ("cycle_id", "performance.cycles.id"),
    ("delta_id", "compensation.pay_deltas.id"),
    ("delegate_id", "identity.principals.id"),
    ("delegation_id", "identity.delegations.id"),
    ("delegator_id", "identity.principals.id"),
    ("device_id", "attendance.devices.id"),
    ("employment_id", "identity.employments.id"),
    ("entry_id", "compensation.audit.id"),
    ("erasure_id", "identity.erasures.id"),
    ("event_id", "performance.outbox.id"),
    ("evidence_id", "talent.evidence.id"),
    ("finding_id", "performance.findings.id"),
    ("grant_id", "identity.grants.id"),
    ("handover_id", "attendance.handovers.id"),
    ("hold_id", "identity.holds.id"),
    ("exclude_person_id", "identity.people.id"),
    ("include_person_id", "identity.people.id"),
    ("into_id", "identity.org_unit_states.unit_id"),
    ("key_id", "identity.sessions.id"),
    ("leave_id", "identity.leaves.id"),
    ("line_id", "identity.reporting_lines.id"),
    ("manager_id", "identity.people.id"),
    ("measure_id", "performance.measures.id"),
    ("move_people_to", "identity.org_unit_states.unit_id"),
    ("observation_id", "performance.observations.observation_id"),
    ("parent_id", "identity.org_unit_states.unit_id"),
    ("pay_correction_id", "compensation.pay_corrections.id"),
    ("person_id", "identity.people.id"),
    ("pool_id", "compensation.pools.id"),
    ("principal_id", "identity.principals.id"),
    ("provider_id", "identity.sso_providers.id"),
    ("punch_id", "attendance.punches.id"),
    ("rate_id", "identity.exchange_rates.id"),
    ("record_id", "performance.records.id"),
    ("schedule_id", "performance.schedules.id"),
    ("schedule_run_id", "performance.schedule_runs.id"),
    ("scheme_id", "performance.schemes.id"),
    ("scope_ref", "identity.org_unit_states.unit_id"),
    ("session_id", "identity.sessions.id"),
    ("settlement_id", "compensation.settlements.id"),
    ("shift_id", "attendance.shifts.id"),
    ("site_id", "attendance.sites.id"),
    ("statement_id", "compensation.statements.id"),
    ("subject_id", "compensation.settlements.id"),
    ("tenant_id", "identity.tenants.id"),
    ("to_account_id", "attendance.accounts.id"),
    ("to_unit_id", "identity.org_unit_states.unit_id"),
    ("told_person_id", "identity.people.id"),
    ("transfer_id", "performance.transfers.id"),
    ("unit_id", "identity.org_unit_states.unit_id"),
];

/// Fields that end like an id and are none of ours.
const NO_IDS: &[&str] = &["request_id", "external_id", "client_id"];

/// What is left empty, because only one of several may be said.
const LEFT_OUT: &[&str] = &[
    "tally.attendance.v1.Device.seat",
    "tally.attendance.v1.MoveDeviceRequest.seat",
    "tally.compensation.v1.ListDeltasRequest.waiting_only",
    "tally.identity.v1.GetPersonRequest.employee_no",
    "tally.identity.v1.Grant.scope_ref",
    "tally.identity.v1.ListOrgUnitsRequest.through",
    "tally.identity.v1.GrantRoleRequest.login",
    "tally.identity.v1.OpenBreakGlassRequest.scope_ref",
    "tally.performance.v1.AttributionPolicy.split",
    "tally.performance.v1.Claim.customer",
    "tally.performance.v1.ExplainRecordRequest.attribution_run_id",
    "tally.performance.v1.ExplainRecordRequest.result_version",
    "tally.performance.v1.ExportCreditsRequest.attribution_run_id",
    "tally.performance.v1.ExportCreditsRequest.result_version",
    "tally.performance.v1.GetCardRequest.result_version",
    "tally.performance.v1.ListCardsRequest.result_version",
    "tally.performance.v1.ListFindingsRequest.attribution_run_id",
    "tally.performance.v1.ListTotalsRequest.attribution_run_id",
    "tally.performance.v1.ListTouchedCyclesRequest.scheme_id",
    "tally.performance.v1.MakeClaimRequest.customer",
    "tally.performance.v1.Observation.at",
    "tally.performance.v1.Population.as_of",
    "tally.performance.v1.Schedule.delay_minutes",
];

/// What is written into a text that is no id.
fn text(name: &str) -> &'static str {
    match name {
        "from" | "to" | "on" | "as_of" | "valid_from" | "valid_to" | "last_day" | "hired_on" | "left_on" => {
            "2026-01-15"
        }
        "permission" | "permissions" => "performance.card.read",
        "role" | "roles" => "agent",
        "name" | "login" => "attack",
        "reason" => "an attack that gives a long reason",
        "scopes" => "tenant",
        "weight" | "floor" | "cap" | "target" | "min_score" | "value" => "1",
        "zone" => "Asia/Shanghai",
        "currency" | "quote" => "CNY",
        "base" => "USD",
        "rate" => "7.1",
        "region" | "regions" => "elsewhere",
        "cut_over" | "time" => "04:00",
        "month" => "2026-01",
        "version" => "1",
        "hours" => "08:00-20:00",
        "modules" => "attendance",
        "password" | "new_password" | "old_password" => "an attacker's password",
        "request_id" | "page_token" | "known_at" | "invitation" => "",
        _ => "an attack",
    }
}

/// A message with every field filled, nested ones too.
pub fn forge(message: &MessageDescriptor, ids: &Ids) -> DynamicMessage {
    fill(message, ids, 0)
}

fn fill(message: &MessageDescriptor, ids: &Ids, depth: usize) -> DynamicMessage {
    let mut made = DynamicMessage::new(message.clone());
    for field in message.fields() {
        // Of alternatives the first is taken.
        let first = |one: &prost_reflect::OneofDescriptor| one.fields().next().as_ref() == Some(&field);
        let alone = message.name() == "SearchAuditRequest" && !["person_id", "page_size"].contains(&field.name());
        if alone || LEFT_OUT.contains(&field.full_name()) {
            continue;
        }
        if depth > 4 || field.is_map() || field.containing_oneof().is_some_and(|one| !first(&one)) {
            continue;
        }
        let value = value(&field, ids, depth);
        made.set_field(&field, if field.is_list() { Value::List(vec![value]) } else { value });
    }
    made
}

fn value(field: &FieldDescriptor, ids: &Ids, depth: usize) -> Value {
    match field.kind() {
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => {
            let mut at = DynamicMessage::new(inner);
            at.set_field_by_name("seconds", Value::I64(tally_kernel::Clock::System.now().as_second() + 600));
            Value::Message(at)
        }
        Kind::Message(inner) => Value::Message(fill(&inner, ids, depth + 1)),
        Kind::Enum(kind) => Value::EnumNumber(kind.values().nth(1).map_or(0, |value| value.number())),
        Kind::String => Value::String(word(field, ids)),
        Kind::Bytes => Value::Bytes(vec![7].into()),
        Kind::Bool => Value::Bool(false),
        Kind::Double => Value::F64(1.0),
        Kind::Float => Value::F32(1.0),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(1),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(1),
        Kind::Uint32 | Kind::Fixed32 if field.name().ends_with("_ppm") => Value::U32(1_000_000),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(1),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(1),
    }
}

fn word(field: &FieldDescriptor, ids: &Ids) -> String {
    let name = field.name();
    let singular = name.strip_suffix('s').filter(|name| name.ends_with("_id")).unwrap_or(name);
    if let Some(id) = ids.get(singular) {
        return id.clone();
    }
    let forgotten = singular.ends_with("_id") && !NO_IDS.contains(&singular);
    assert!(!forgotten, "{}: say in SOURCES whose id this is", field.full_name());
    text(name).to_owned()
}
