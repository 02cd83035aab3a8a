//! What every room's `rpc.rs` needs to read requests and to write answers.

use jiff::Timestamp;
use tally_access::{Permission, Scope, ScopeKind};
use tally_api::identity::v1 as pb;
use tally_kernel::error::Violations;
use tally_kernel::msg;

/// What a list was asked, so that a page token is good for nothing else.
pub(crate) fn question(texts: &[&str], known_at: Option<Timestamp>) -> Vec<u8> {
    let known_at = known_at.map(|at| at.to_string()).unwrap_or_default();
    texts.iter().copied().chain([known_at.as_str()]).collect::<Vec<_>>().join("\n").into_bytes()
}

/// Permissions by their names, each once, in order.
pub(crate) fn permissions(wrong: &mut Violations, field: &str, names: &[String]) -> Option<Vec<Permission>> {
    let read = names.iter().enumerate().map(|(at, name)| wrong.parse::<Permission>(&format!("{field}[{at}]"), name));
    let mut read = read.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?;
    read.sort_unstable();
    read.dedup();
    Some(read)
}

/// A scope of a request; `fields` are the names of its kind and of what it names.
pub(crate) fn read_scope(
    wrong: &mut Violations,
    fields: [&str; 2],
    kind: pb::ScopeKind,
    reference: &str,
) -> Option<Scope> {
    let Some(kind) = scope_kind(kind) else {
        wrong.push(fields[0], msg!("REACH_MISSING"));
        return None;
    };
    wrong.take(fields[1], Scope::read(&kind.to_string(), reference))
}

/// The kind of scope that a request names.
pub(crate) fn scope_kind(kind: pb::ScopeKind) -> Option<ScopeKind> {
    match kind {
        pb::ScopeKind::Unspecified => None,
        pb::ScopeKind::Self_ => Some(ScopeKind::Own),
        pb::ScopeKind::Reports => Some(ScopeKind::Reports),
        pb::ScopeKind::Unit => Some(ScopeKind::Unit),
        pb::ScopeKind::Subtree => Some(ScopeKind::Subtree),
        pb::ScopeKind::LegalEntity => Some(ScopeKind::LegalEntity),
        pb::ScopeKind::Region => Some(ScopeKind::Region),
        pb::ScopeKind::Tenant => Some(ScopeKind::Tenant),
    }
}

/// The kind of scope with this stable name.
pub(crate) fn scope_named(name: &str) -> pb::ScopeKind {
    match name {
        "self" => pb::ScopeKind::Self_,
        "reports" => pb::ScopeKind::Reports,
        "unit" => pb::ScopeKind::Unit,
        "subtree" => pb::ScopeKind::Subtree,
        "legal_entity" => pb::ScopeKind::LegalEntity,
        "region" => pb::ScopeKind::Region,
        "tenant" => pb::ScopeKind::Tenant,
        _ => pb::ScopeKind::Unspecified,
    }
}
