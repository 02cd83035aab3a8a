//! Three lists that every rpc must stand in: who may call it, what it says to a stranger, what it leaves in the audit
//! log. `cargo xtask tidy` checks that none is missing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bytes::{Buf as _, BufMut as _, Bytes};
use tally_access::{Effect, Needs, PolicyRow, ScopeKind, roles};
use tally_api::classes::pool;
use tally_rpc::RpcChannel;
use tally_suite::session::Channels;
use tally_suite::suite::SERVICES;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Status};

use crate::journey::MONTH;
use crate::rooms::JOURNEYS;
use crate::snapshot;
use crate::stack::{Calls, Stack};

/// Every rpc of the suite, `package.Service/Method`, in order.
pub fn rpcs() -> Vec<String> {
    let services = pool().services().filter(|service| service.full_name().starts_with("tally."));
    let mut all: Vec<String> = services
        .flat_map(|s| s.methods().map(|m| format!("{}/{}", s.full_name(), m.name())).collect::<Vec<_>>())
        .collect();
    all.sort();
    all
}

/// The row of an rpc in its service's policy table.
pub fn row(rpc: &str) -> PolicyRow {
    let rows = SERVICES.iter().flat_map(|part| part.policy);
    *rows.clone().find(|row| row.method == rpc).unwrap_or_else(|| panic!("{rpc} has no row in any policy table"))
}

#[test]
fn who_may_call_what_is_as_committed() {
    let mut text =
        String::from("# rpc, permission, effect: role(scopes it can be given on); what is not named may not.\n");
    for rpc in rpcs() {
        let row = row(&rpc);
        write!(text, "{rpc} {} {}:", row.needs.name(), row.effect).unwrap();
        let has = |role: &&roles::Role| row.needs.permission().is_none_or(|p| role.permissions.contains(&p));
        for role in roles::READY.iter().chain(roles::SERVICES).filter(has) {
            let scopes: Vec<_> = role.scopes.iter().map(|scope| scope_name(*scope)).collect();
            write!(text, " {}({})", role.name, scopes.join("|")).unwrap();
        }
        text.push('\n');
    }
    snapshot::check("access_matrix", &text);
}

fn scope_name(scope: ScopeKind) -> &'static str {
    match scope {
        ScopeKind::Own => "self",
        ScopeKind::Reports => "reports",
        ScopeKind::Unit => "unit",
        ScopeKind::Subtree => "subtree",
        ScopeKind::LegalEntity => "legal entity",
        ScopeKind::Region => "region",
        ScopeKind::Tenant => "tenant",
    }
}

#[tokio::test]
async fn a_stranger_is_told_nothing() {
    let stack = Stack::one_process(None).await;
    let mut text = String::from("# rpc: what it says to a caller without a token, with an empty message.\n");
    for rpc in rpcs() {
        let status = knock(&stack.channels, &rpc).await;
        let public = row(&rpc).needs == Needs::Nothing;
        let refused =
            status.code() == Code::Unauthenticated && tally_rpc::error_from(status.clone()).reason() == "TOKEN_MISSING";
        assert_eq!(!refused, public, "{rpc}: {status:?}");
        let told = if public { "public" } else { "TOKEN_MISSING" };
        writeln!(text, "{rpc} {told}").unwrap();
    }
    snapshot::check("unauthenticated", &text);
}

#[tokio::test]
async fn a_token_that_is_not_ours_is_as_good_as_none() {
    let stack = Stack::one_process(None).await;
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.";
    for token in ["", "x", unsigned] {
        let mut request = Request::new(Bytes::new());
        tally_rpc::bearer(&mut request, token);
        let status = send(stack.channels.identity.clone(), "tally.identity.v1.TenantService/GetTenant", request).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{token:?}");
    }
}

/// Holds what a journey called, and what of it stands in the audit logs, against the list of that journey.
pub fn check_journey(journey: &str, calls: &Calls, audited: &BTreeSet<String>) {
    let mut text = String::from("# rpc: called by this journey, in the audit log after it.\n");
    for rpc in rpcs() {
        // By a service of the suite or by the program, as part of what the journey did.
        let by_others = !calls.before.contains(&rpc)
            && match row(&rpc).effect {
                Effect::Change | Effect::SensitiveRead => true,
                Effect::PersonalRead | Effect::Read => false,
            };
        let told = match (calls.now.contains(&rpc), audited.contains(&rpc)) {
            (true, true) => "called, audited",
            (true, false) => "called",
            (false, true) if by_others => "audited",
            (false, _) => continue,
        };
        writeln!(text, "{rpc} {told}").expect("a line");
    }
    snapshot::check(&format!("journeys/{journey}"), &text);
}

/// Whether no person's role holds what this rpc needs.
fn for_services(rpc: &str) -> bool {
    row(rpc).needs.permission().is_some_and(|p| !roles::READY.iter().any(|role| role.permissions.contains(&p)))
}

/// The journeys' lists are held against what happens by the journeys themselves; all of them together hold every rpc.
#[test]
fn every_rpc_is_called_by_a_journey_and_leaves_what_it_must_in_the_audit_log() {
    let journeys: BTreeSet<_> = JOURNEYS.iter().chain([&MONTH]).map(|name| format!("{name}.txt")).collect();
    let lists = snapshot::all("journeys");
    assert!(lists.keys().eq(&journeys), "a list without a journey, or none: {:?}", lists.keys());
    let lines: BTreeSet<(&str, &str)> =
        lists.values().flat_map(|text| text.lines().skip(1)).filter_map(|line| line.split_once(' ')).collect();
    let met = |rpc: &str, what: &str| lines.iter().any(|(name, told)| *name == rpc && told.contains(what));
    let mut text = String::from("# rpc: what it leaves in the audit log. Reads that tell of nobody leave nothing.\n");
    let mut forgotten = Vec::new();
    for rpc in rpcs() {
        let (must, told) = match row(&rpc).effect {
            Effect::Change | Effect::SensitiveRead => ("audited", "audited"),
            Effect::PersonalRead => ("audited", "audited when it shows somebody else"),
            Effect::Read => ("called", "read"),
        };
        let of_services = must == "called" && for_services(&rpc);
        if !of_services && !met(&rpc, must) {
            forgotten.push(format!("{rpc} is not {must}"));
        }
        writeln!(text, "{rpc} {told}").expect("a line");
    }
    assert!(forgotten.is_empty(), "in no journey: {forgotten:#?}");
    snapshot::check("audited", &text);
}

async fn knock(channels: &Channels, rpc: &str) -> Status {
    call(channels, rpc, None).await
}

/// What a method says to an empty message, with a token or without.
pub async fn call(channels: &Channels, rpc: &str, token: Option<&str>) -> Status {
    let mut request = Request::new(Bytes::new());
    if let Some(token) = token {
        tally_rpc::bearer(&mut request, token);
    }
    send(way_to(channels, rpc), rpc, request).await
}

/// The channel of an rpc's service.
pub fn way_to(channels: &Channels, rpc: &str) -> RpcChannel {
    let channel = match rpc.split('.').nth(1) {
        Some("identity") => &channels.identity,
        Some("attendance") => &channels.attendance,
        Some("performance") => &channels.performance,
        Some("compensation") => &channels.compensation,
        _ => &channels.talent,
    };
    channel.clone()
}

/// Sends raw bytes to a method and gives the status of the answer, however many messages it has.
pub async fn send(channel: RpcChannel, rpc: &str, request: Request<Bytes>) -> Status {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.expect("a channel");
    let path = format!("/{rpc}").parse().expect("a path");
    match client.server_streaming(request, path, Raw).await {
        Err(status) => status,
        Ok(reply) => match reply.into_inner().message().await {
            Err(status) => status,
            Ok(_) => Status::new(Code::Ok, ""),
        },
    }
}

/// Messages as they are on the wire.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = from.remaining();
        Ok(Some(from.copy_to_bytes(length)))
    }
}
