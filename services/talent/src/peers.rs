//! The services that talent reads from, in plain values.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use tally_access::OpContext;
use tally_api::attendance::v1::ListAccountsRequest;
use tally_api::attendance::v1::account_service_client::AccountServiceClient;
use tally_api::performance::v1::attribution_service_client::AttributionServiceClient;
use tally_api::performance::v1::card_service_client::CardServiceClient;
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_api::performance::v1::{GetCycleRequest, ListCardsRequest, ListTotalsRequest, Total};
use tally_app::convert::sent;
use tally_kernel::id::{AccountId, CycleId, SchemeId};
use tally_kernel::page::MAX_SIZE;
use tally_kernel::{Error, Result};
use tally_rpc::{Peer, error_from, pages};

use crate::published::{Card, Published, Served};

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

type Accounts = BTreeMap<AccountId, (String, String)>;

/// Where credited work was done; an account that attendance does not know is a fault, and no reason to drop the work.
fn served_on(accounts: &Accounts, total: &Total) -> Result<Served> {
    let account: AccountId = sent::value(&total.account_id)?;
    let (key, platform) = accounts
        .get(&account)
        .cloned()
        .ok_or_else(|| Error::internal(format!("credits on account {account}, which attendance does not know")))?;
    Ok(Served { person: sent::value(&total.person_id)?, account: key, platform, ppm: total.total_ppm })
}

impl Peers {
    /// What a published cycle shows about everybody in it.
    pub(crate) async fn published(&self, ctx: &OpContext, cycle: CycleId) -> Result<Published> {
        let (accounts, cards) = (self.accounts(ctx).await?, self.cards(ctx, cycle).await?);
        let (scheme, last_day) = self.scored(ctx, cycle).await?;
        let carded: BTreeSet<String> = cards.iter().map(|card| card.person.to_string()).collect();
        let totals = pages(async |page_token| {
            let ask = ListTotalsRequest {
                cycle_id: cycle.to_string(),
                page_size: MAX_SIZE,
                page_token,
                ..Default::default()
            };
            let mut client = AttributionServiceClient::new(self.performance.channel());
            let page = client.list_totals(self.performance.as_service(ctx, ask)).await?.into_inner();
            Ok((page.totals, page.next_page_token))
        });
        let counts = |t: &Total| !t.account_id.is_empty() && t.total_ppm > 0 && carded.contains(&t.person_id);
        let served = totals.await?.into_iter().filter(counts);
        let served = served.map(|total| served_on(&accounts, &total)).collect::<Result<_>>()?;
        Ok(Published { cycle, scheme, last_day, cards, served })
    }

    async fn accounts(&self, ctx: &OpContext) -> Result<Accounts> {
        let accounts = pages(async |page_token| {
            let ask = ListAccountsRequest { page_size: MAX_SIZE, page_token };
            let mut client = AccountServiceClient::new(self.attendance.channel());
            let page = client.list_accounts(self.attendance.as_service(ctx, ask)).await?.into_inner();
            Ok((page.accounts, page.next_page_token))
        });
        let keyed = accounts.await?.into_iter().map(|a| Ok((sent::value(&a.account_id)?, (a.key, a.platform))));
        keyed.collect()
    }

    async fn cards(&self, ctx: &OpContext, cycle: CycleId) -> Result<Vec<Card>> {
        let cards = pages(async |page_token| {
            let ask =
                ListCardsRequest { cycle_id: cycle.to_string(), page_size: MAX_SIZE, page_token, ..Default::default() };
            let mut client = CardServiceClient::new(self.performance.channel());
            let page = client.list_cards(self.performance.as_service(ctx, ask)).await?.into_inner();
            Ok((page.cards, page.next_page_token))
        });
        let card = |card: tally_api::performance::v1::Card| {
            let (person, score) = (sent::value(&card.person_id)?, sent::value(&card.score)?);
            Ok(Card { person, score, collaboration: sent::optional_value(&card.collaboration)? })
        };
        cards.await?.into_iter().map(card).collect()
    }

    /// By which scheme a cycle was scored, and its last day.
    async fn scored(&self, ctx: &OpContext, cycle: CycleId) -> Result<(SchemeId, Date)> {
        let mut client = CycleServiceClient::new(self.performance.channel());
        let ask = GetCycleRequest { cycle_id: cycle.to_string() };
        let reply = client.get_cycle(self.performance.as_service(ctx, ask)).await.map_err(error_from)?.into_inner();
        let told = reply.cycle.unwrap_or_default();
        Ok((sent::value(&told.scheme_id)?, sent::date(&told.period.unwrap_or_default().to)?))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn work_on_an_account_that_attendance_does_not_list_is_an_error_and_not_dropped() {
        let (known, unknown) = (AccountId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        let accounts = Accounts::from([(known, ("JD/a/cs01".to_owned(), "JD".to_owned()))]);
        let total = |account: AccountId| Total {
            account_id: account.to_string(),
            person_id: Uuid::from_u128(3).to_string(),
            total_ppm: 7,
            ..Default::default()
        };
        assert_eq!(served_on(&accounts, &total(known)).unwrap().account, "JD/a/cs01");
        assert_eq!(served_on(&accounts, &total(unknown)).unwrap_err().kind(), tally_kernel::Kind::Internal);
    }
}
