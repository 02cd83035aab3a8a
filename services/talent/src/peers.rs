//! The services that talent reads from, in plain values.

use std::collections::BTreeMap;

use jiff::civil::Date;
use tally_access::OpContext;
use tally_api::attendance::v1 as attendance;
use tally_api::performance::v1 as performance;
use tally_kernel::id::{AccountId, CycleId};
use tally_kernel::{Error, Result, page};
use tally_rpc::{Peer, error_from};

use crate::profile::domain::{Card, Published, Served};

/// Clients of the services that talent reads from; always called as the service itself.
#[derive(Clone, Debug)]
pub struct Peers {
    /// People and where they belong.
    pub identity: Peer,
    /// Accounts by key.
    pub attendance: Peer,
    /// Events, totals and cards.
    pub performance: Peer,
}

impl Peers {
    /// What a published cycle shows about everybody in it.
    pub async fn published(&self, ctx: &OpContext, cycle: CycleId) -> Result<Published> {
        let (accounts, cards) = (self.accounts(ctx).await?, self.cards(ctx, cycle).await?);
        let last_day = self.last_day(ctx, cycle).await?;
        let mut client =
            performance::attribution_service_client::AttributionServiceClient::new(self.performance.channel());
        let (mut served, mut token) = (Vec::new(), String::new());
        loop {
            let ask = performance::ListTotalsRequest {
                cycle_id: cycle.to_string(),
                page_size: page::MAX_SIZE,
                page_token: token,
            };
            let reply =
                client.list_totals(self.performance.as_service(ctx, ask)).await.map_err(error_from)?.into_inner();
            for total in reply.totals.iter().filter(|t| !t.account_id.is_empty() && t.total_ppm > 0) {
                let account = total.account_id.parse::<AccountId>()?;
                let Some((key, platform)) = accounts.get(&account).cloned() else { continue };
                served.push(Served { person: total.person_id.parse()?, account: key, platform, ppm: total.total_ppm });
            }
            token = reply.next_page_token;
            if token.is_empty() {
                return Ok(Published { cycle, last_day, cards, served });
            }
        }
    }

    async fn accounts(&self, ctx: &OpContext) -> Result<BTreeMap<AccountId, (String, String)>> {
        let mut client = attendance::account_service_client::AccountServiceClient::new(self.attendance.channel());
        let (mut all, mut token) = (BTreeMap::new(), String::new());
        loop {
            let ask = attendance::ListAccountsRequest { page_size: page::MAX_SIZE, page_token: token };
            let reply =
                client.list_accounts(self.attendance.as_service(ctx, ask)).await.map_err(error_from)?.into_inner();
            for account in reply.accounts {
                all.insert(account.account_id.parse()?, (account.key, account.platform));
            }
            token = reply.next_page_token;
            if token.is_empty() {
                return Ok(all);
            }
        }
    }

    async fn cards(&self, ctx: &OpContext, cycle: CycleId) -> Result<Vec<Card>> {
        let mut client = performance::card_service_client::CardServiceClient::new(self.performance.channel());
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let ask = performance::ListCardsRequest {
                cycle_id: cycle.to_string(),
                page_size: page::MAX_SIZE,
                page_token: token,
            };
            let reply =
                client.list_cards(self.performance.as_service(ctx, ask)).await.map_err(error_from)?.into_inner();
            for card in reply.cards {
                all.push(Card {
                    person: card.person_id.parse()?,
                    score: card.score.parse()?,
                    collaboration: if card.collaboration.is_empty() { None } else { Some(card.collaboration.parse()?) },
                });
            }
            token = reply.next_page_token;
            if token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// The last day of a cycle.
    async fn last_day(&self, ctx: &OpContext, cycle: CycleId) -> Result<Date> {
        let mut client = performance::cycle_service_client::CycleServiceClient::new(self.performance.channel());
        let ask = performance::GetCycleRequest { cycle_id: cycle.to_string() };
        let reply = client.get_cycle(self.performance.as_service(ctx, ask)).await.map_err(error_from)?.into_inner();
        let last_day = reply.cycle.unwrap_or_default().period.unwrap_or_default().to;
        last_day.parse().map_err(|_| Error::internal(format!("a cycle that ends on {last_day:?}")))
    }
}
