//! ChangeService: messages in, messages out.

use std::collections::BTreeSet;

use jiff::civil::Date;
use prost::Message as _;
use tally_api::performance::v1 as pb;
use tally_app::convert::{optional_dates, timestamp};
use tally_kernel::error::{Violations, field};
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::{Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Changed, CycleChanges, TouchedCycle, Touching};
use super::domain::PersonChange;
use super::domain::reckons::RateChange;
use crate::App;

/// Accounts of one question.
const ACCOUNTS: usize = 1_000;

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::change_service_server::ChangeService for Rpc {
    async fn list_touched_cycles(
        &self,
        req: Request<pb::ListTouchedCyclesRequest>,
    ) -> Result<Response<pb::ListTouchedCyclesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let question = pb::ListTouchedCyclesRequest { page_size: 0, page_token: String::new(), ..asked.clone() };
            let page = Page::read(asked.page_size, &asked.page_token, &question.encode_to_vec())?;
            let (touching, days) = question_of(&asked)?;
            let (cycles, next_page_token) = app::touched_cycles(&self.app, &ctx, &touching, days, &page).await?;
            let cycles = cycles.into_iter().map(touched).collect();
            Ok(pb::ListTouchedCyclesResponse { cycles, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn list_cycle_changes(
        &self,
        req: Request<pb::ListCycleChangesRequest>,
    ) -> Result<Response<pb::ListCycleChangesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let page = Page::read(asked.page_size, &asked.page_token, asked.cycle_id.as_bytes())?;
            let cycle = field("cycle_id", &asked.cycle_id)?;
            // On the heap: it holds everything that the peers told.
            let found = Box::pin(app::cycle_changes(&self.app, &ctx, cycle)).await?;
            Ok(all_changed(found, &page))
        };
        reply.await.answer(&ctx)
    }
}

fn all_changed(found: CycleChanges, page: &Page) -> pb::ListCycleChangesResponse {
    let CycleChanges { accounts, others, observations, people, other_people, rates, removed_before } = found;
    let (changes, next_page_token) = on_page(accounts, page);
    let people = people.into_iter().map(person_changed).collect();
    let rates = rates.into_iter().map(rate_changed).collect();
    let removed_before = removed_before.map(|day| day.to_string()).unwrap_or_default();
    pb::ListCycleChangesResponse {
        changes,
        next_page_token,
        others,
        observations,
        people,
        other_people,
        rates,
        removed_before,
    }
}

/// The changes of a page, by account, and where the next one begins.
fn on_page(accounts: Vec<Changed>, page: &Page) -> (Vec<pb::CycleChange>, String) {
    let after = |change: &pb::CycleChange| page.after.as_ref().is_none_or(|after| change.account_id > *after);
    let mut changes: Vec<_> = accounts.into_iter().map(changed).filter(after).collect();
    changes.truncate((page.size as usize).saturating_add(1));
    let next = page.cut(&mut changes, |change| change.account_id.clone());
    (changes, next)
}

type Days = (Option<Date>, Option<Date>);

fn question_of(asked: &pb::ListTouchedCyclesRequest) -> Result<(Touching, Days)> {
    let mut v = Violations::new();
    let accounts: BTreeSet<AccountId> = asked.account_ids.iter().filter_map(|id| v.parse("account_ids", id)).collect();
    let scheme = (!asked.scheme_id.is_empty()).then(|| v.parse("scheme_id", &asked.scheme_id)).flatten();
    let by_scheme = !asked.scheme_id.is_empty();
    if by_scheme && !asked.account_ids.is_empty() {
        v.push("scheme_id", msg!("ACCOUNTS_OR_SCHEME"));
    } else if !by_scheme && (asked.account_ids.is_empty() || asked.account_ids.len() > ACCOUNTS) {
        v.push("account_ids", msg!("ACCOUNTS_EXPECTED", most = ACCOUNTS));
    }
    let days = optional_dates(&mut v, &asked.from, &asked.to);
    let touching = match scheme {
        Some(scheme) => Touching::Scheme(scheme, asked.scheme_version),
        None => Touching::Accounts(accounts),
    };
    v.finish(Some((touching, days)))
}

fn touched(TouchedCycle { of, accounts, past }: TouchedCycle) -> pb::TouchedCycle {
    pb::TouchedCycle {
        cycle_id: of.id.to_string(),
        name: of.name,
        state: pb::CycleState::from(of.state).into(),
        account_ids: accounts.into_iter().map(|account| account.to_string()).collect(),
        scheme_version: of.scheme_version,
        past_cycle_ids: past.into_iter().map(|cycle| cycle.to_string()).collect(),
    }
}

fn changed((account, change): Changed) -> pb::CycleChange {
    pb::CycleChange {
        account_id: account.to_string(),
        records: change.records,
        correction_ids: change.corrections.into_iter().collect(),
        from: change.from.to_string(),
        to: change.to.to_string(),
        changed_at: change.at.map(timestamp),
        duty: change.otherwise.duty.into_iter().map(duty_changed).collect(),
        agents: change.otherwise.agents,
        account: change.otherwise.account,
        devices: change.otherwise.devices,
    }
}

fn duty_changed((date, people): (Date, BTreeSet<PersonId>)) -> pb::DutyChange {
    let person_ids = people.into_iter().map(|person| person.to_string()).collect();
    pb::DutyChange { date: date.to_string(), person_ids }
}

fn rate_changed(RateChange { from, to, days }: RateChange) -> pb::RateChange {
    pb::RateChange {
        from_currency: from.to_string(),
        to_currency: to.to_string(),
        from: days.0.to_string(),
        to: days.1.to_string(),
    }
}

fn person_changed((person, changes): (PersonId, BTreeSet<PersonChange>)) -> pb::PersonChange {
    let (mut kinds, mut past_cycle_ids) = (Vec::new(), Vec::new());
    for change in changes {
        match change {
            PersonChange::Employment => kinds.push(pb::PersonChangeKind::Employment.into()),
            PersonChange::CameIn => kinds.push(pb::PersonChangeKind::CameIn.into()),
            PersonChange::WentOut => kinds.push(pb::PersonChangeKind::WentOut.into()),
            PersonChange::Past => kinds.push(pb::PersonChangeKind::Past.into()),
            PersonChange::PastOf(cycle) => past_cycle_ids.push(cycle.to_string()),
        }
    }
    pb::PersonChange { person_id: person.to_string(), kinds, past_cycle_ids }
}
