//! `tally access`: who may do what, as the suite answers it.

use anyhow::Result;
use tally_api::identity::v1 as identity;
use tally_api::identity::v1::break_glass_service_client::BreakGlassServiceClient;
use tally_api::identity::v1::check_service_client::CheckServiceClient;
use tally_api::identity::v1::delegation_service_client::DelegationServiceClient;
use tally_bundle::sheet::{Csv, Sheet};
use tally_kernel::page::MAX_SIZE;
use tally_kernel::{Kind, msg};
use tally_rpc::pages;

use super::settings::session;
use crate::cli::{Access, AccessCommand, DONE, Review};
use crate::print;
use crate::said::{Mistyped, here, refusal};
use crate::session::Session;

/// The heads of the columns.
const HEAD: [&str; 16] = [
    "source",
    "id",
    "principal",
    "login",
    "person",
    "role",
    "scope",
    "scope_ref",
    "from",
    "until",
    "in_force",
    "second_factor",
    "hours",
    "given_by",
    "given_at",
    "reason",
];

/// One way in which somebody holds the permission.
#[derive(Debug, Default)]
struct Line {
    source: &'static str,
    id: String,
    principal: String,
    login: String,
    person: String,
    role: String,
    scope: String,
    scope_ref: String,
    from: String,
    until: String,
    in_force: bool,
    second_factor: bool,
    hours: String,
    given_by: String,
    given_at: String,
    reason: String,
}

impl Line {
    /// In the order of [`HEAD`].
    fn cells(&self) -> [&str; 16] {
        let yes_or_no = |flag| if flag { "true" } else { "false" };
        [
            self.source,
            &self.id,
            &self.principal,
            &self.login,
            &self.person,
            &self.role,
            &self.scope,
            &self.scope_ref,
            &self.from,
            &self.until,
            yes_or_no(self.in_force),
            yes_or_no(self.second_factor),
            &self.hours,
            &self.given_by,
            &self.given_at,
            &self.reason,
        ]
    }
}

/// Does what was asked.
pub async fn access(args: Access) -> Result<u8> {
    match args.what {
        AccessCommand::Review(args) => review(args).await,
    }
}

/// Grants, then what is delegated, then emergencies. What a role has is asked of the server: groups define their own.
async fn review(args: Review) -> Result<u8> {
    let Some(session) = session(&args.server).await? else { return Ok(DONE) };
    let mut lines = grants(&session, &args.permission).await?;
    lines.extend(delegations(&session, &args.permission).await?);
    lines.extend(emergencies(&session, &args.permission).await?);
    let mut out = Sheet::new(Vec::new(), &HEAD, Csv::of_switch(args.plain_csv))?;
    for line in &lines {
        out.row(line.cells())?;
    }
    print::text(&String::from_utf8_lossy(&out.finish()?));
    print::note(here(&msg!("REVIEW_FOUND", count = lines.len(), permission = args.permission)));
    Ok(DONE)
}

async fn grants(session: &Session, permission: &str) -> Result<Vec<Line>> {
    let client = CheckServiceClient::new(session.at.identity.clone());
    pages(async |page_token| {
        let ask = identity::ReviewAccessRequest { permission: permission.to_owned(), page_size: MAX_SIZE, page_token };
        let reply = client.clone().review_access(session.ask(ask)).await?.into_inner();
        Ok((reply.rows.into_iter().map(granted).collect(), reply.next_page_token))
    })
    .await
    .map_err(|error| match error.kind() {
        // Nothing else of the request was typed.
        Kind::InvalidArgument => Mistyped(msg!("PERMISSION_UNKNOWN", text = permission)).into(),
        _ => refusal(error),
    })
}

fn granted(row: identity::AccessReviewRow) -> Line {
    let grant = row.grant.unwrap_or_default();
    Line {
        source: "grant",
        scope: scope(grant.scope()),
        id: grant.grant_id,
        principal: grant.principal_id,
        login: row.login,
        person: row.person_id,
        role: grant.role,
        scope_ref: grant.scope_ref,
        from: grant.valid_from,
        until: grant.valid_to,
        in_force: row.holds_today,
        second_factor: grant.second_factor,
        hours: grant.hours,
        given_by: grant.granted_by,
        given_at: instant(row.granted_at),
        reason: grant.reason,
    }
}

/// What reaches as far as the delegator's own grants do.
async fn delegations(session: &Session, permission: &str) -> Result<Vec<Line>> {
    let client = DelegationServiceClient::new(session.at.identity.clone());
    pages(async |page_token| {
        let ask = identity::ListDelegationsRequest { page_size: MAX_SIZE, page_token, ..Default::default() };
        let reply = client.clone().list_delegations(session.ask(ask)).await?.into_inner();
        let of = reply
            .delegations
            .into_iter()
            .filter(|delegation| delegation.permissions.iter().any(|name| name == permission));
        let line = |delegation: identity::Delegation| Line {
            source: "delegation",
            in_force: in_force(delegation.from, delegation.until, delegation.ended_at),
            id: delegation.delegation_id,
            principal: delegation.delegate_id,
            from: instant(delegation.from),
            until: instant(delegation.ended_at.or(delegation.until)),
            given_by: delegation.delegator_id,
            reason: delegation.reason,
            ..Line::default()
        };
        Ok((of.map(line).collect(), reply.next_page_token))
    })
    .await
    .map_err(refusal)
}

async fn emergencies(session: &Session, permission: &str) -> Result<Vec<Line>> {
    let client = BreakGlassServiceClient::new(session.at.identity.clone());
    pages(async |page_token| {
        let ask = identity::ListBreakGlassesRequest { page_size: MAX_SIZE, page_token };
        let reply = client.clone().list_break_glasses(session.ask(ask)).await?.into_inner();
        let of = reply.break_glasses.into_iter().filter(|one| one.permissions.iter().any(|name| name == permission));
        let line = |one: identity::BreakGlass| Line {
            source: "break_glass",
            in_force: in_force(one.from, one.until, one.ended_at),
            scope: scope(one.scope()),
            id: one.break_glass_id,
            principal: one.principal_id,
            scope_ref: one.scope_ref,
            from: instant(one.from),
            until: instant(one.ended_at.or(one.until)),
            reason: one.reason,
            ..Line::default()
        };
        Ok((of.map(line).collect(), reply.next_page_token))
    })
    .await
    .map_err(refusal)
}

type Instant = Option<prost_types::Timestamp>;

fn read(at: Instant) -> Option<jiff::Timestamp> {
    at.and_then(|at| jiff::Timestamp::new(at.seconds, at.nanos).ok())
}

fn instant(at: Instant) -> String {
    read(at).map(|at| at.to_string()).unwrap_or_default()
}

/// Begun, not over, not ended before its time.
fn in_force(from: Instant, until: Instant, ended_at: Instant) -> bool {
    let now = tally_kernel::Clock::System.now();
    read(from).is_none_or(|from| from <= now) && read(until).is_none_or(|until| now < until) && ended_at.is_none()
}

fn scope(kind: identity::ScopeKind) -> String {
    kind.as_str_name().trim_start_matches("SCOPE_KIND_").to_lowercase()
}
