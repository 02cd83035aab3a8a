//! `tally.attendance.v1.AccountService`.

use std::mem::take;

use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::account_service_server::AccountService;
use tally_app::RequestKey;
use tally_app::convert::{choice, date_text, optional_date};
use tally_app::import::{self, Import};
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_kernel::time::zone;
use tally_kernel::{Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{MAX_ACCOUNTS, Phase, PhaseKind, ShopAccount, StoredAccount};
use crate::app::{App, MAX_NAME};

/// Dialogues that one person can hold at once, at most.
const MAX_CAPACITY: u32 = tally_kernel::limits::CAPACITY;

#[derive(Debug)]
pub struct Rpc(pub App);

#[tonic::async_trait]
impl AccountService for Rpc {
    async fn import_accounts(
        &self,
        req: Request<pb::ImportAccountsRequest>,
    ) -> Result<Response<pb::ImportAccountsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let outcome = app::import_accounts(&self.0, &ctx, read_import(req.into_inner(), self.0.replays)?).await?;
            Ok(pb::ImportAccountsResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_accounts(
        &self,
        req: Request<pb::ListAccountsRequest>,
    ) -> Result<Response<pb::ListAccountsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let ask = req.into_inner();
            let page = Page::read(ask.page_size, &ask.page_token, b"accounts")?;
            let (accounts, next_page_token) = app::list_accounts(&self.0, &ctx, &page).await?;
            Ok(pb::ListAccountsResponse { accounts: accounts.into_iter().map(Into::into).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn read_import(mut request: pb::ImportAccountsRequest, replays: bool) -> Result<Import<ShopAccount>> {
    let key = RequestKey::of(take(&mut request.request_id), &request);
    Import::checked(key, request.rows, MAX_ACCOUNTS, |row, v| read(row, v, replays))
}

fn read(row: pb::Account, v: &mut Violations, replays: bool) -> Option<ShopAccount> {
    let texts = [("platform", &row.platform), ("store", &row.store), ("name", &row.name)];
    for (field, text) in texts {
        match field {
            _ if replays => v.text(field, text, MAX_NAME),
            "store" => v.name(field, text, MAX_NAME),
            _ => v.id(field, text, MAX_NAME),
        }
        if text.contains('/') {
            v.push(field, msg!("SLASH_NOT_ALLOWED"));
        }
    }
    if row.team_path.chars().count() > 5 * MAX_NAME {
        v.push("team_path", msg!("TEXT_TOO_LONG", max = 5 * MAX_NAME));
    }
    let zone = v.take("zone", zone(&row.zone).map_err(Into::into));
    let unit = v.optional("unit_id", &row.unit_id);
    let region = v.optional("region", &row.region);
    let phases = read_phases(&row.phases, v);
    Some(ShopAccount {
        platform: row.platform.trim().to_owned(),
        store: row.store.trim().to_owned(),
        name: row.name.trim().to_owned(),
        zone: zone?.iana_name()?.to_owned(),
        team_path: row.team_path.trim_matches('/').to_owned(),
        unit,
        region,
        exclusive: row.exclusive,
        phases,
    })
}

fn read_phases(rows: &[pb::Phase], v: &mut Violations) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::with_capacity(rows.len());
    if rows.is_empty() {
        v.push("phases", msg!("PHASES_MISSING"));
    }
    for (n, row) in rows.iter().enumerate() {
        let from = optional_date(v, &format!("phases[{n}].from"), &row.from);
        if rows[..n].iter().any(|other| other.from.trim() == row.from.trim()) {
            v.push(format!("phases[{n}].from"), msg!("PHASE_TWICE"));
        }
        let kind = match row.kind() {
            pb::PhaseKind::Shared => Some(PhaseKind::Shared),
            pb::PhaseKind::Mixed => Some(PhaseKind::Mixed),
            pb::PhaseKind::Named => Some(PhaseKind::Named),
            pb::PhaseKind::Unspecified => None,
        };
        let kind = choice(v, &format!("phases[{n}].kind"), kind, msg!("PHASE_KIND_EXPECTED"));
        if row.capacity == 0 || row.capacity > MAX_CAPACITY {
            v.push(format!("phases[{n}].capacity"), msg!("NUMBER_FROM_TO", from = 1, to = MAX_CAPACITY));
        }
        if let Some(kind) = kind {
            phases.push(Phase { from, kind, capacity: row.capacity });
        }
    }
    phases.sort_by_key(|p| p.from);
    phases
}

impl From<StoredAccount> for pb::Account {
    fn from(StoredAccount { id, account }: StoredAccount) -> Self {
        let phase = |phase: &Phase| pb::Phase {
            from: date_text(phase.from),
            kind: match phase.kind {
                PhaseKind::Shared => pb::PhaseKind::Shared,
                PhaseKind::Mixed => pb::PhaseKind::Mixed,
                PhaseKind::Named => pb::PhaseKind::Named,
            }
            .into(),
            capacity: phase.capacity,
        };
        Self {
            account_id: id.to_string(),
            key: account.key(),
            unit_id: account.unit.map(|unit| unit.to_string()).unwrap_or_default(),
            region: account.home().region.to_string(),
            phases: account.phases.iter().map(phase).collect(),
            platform: account.platform,
            store: account.store,
            name: account.name,
            zone: account.zone,
            team_path: account.team_path,
            exclusive: account.exclusive,
        }
    }
}
