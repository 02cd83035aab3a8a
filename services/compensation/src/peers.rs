//! The services that compensation reads from, in plain values.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use tally_access::OpContext;
use tally_api::performance::v1 as performance;
use tally_app::convert::{sent, timestamp};
use tally_kernel::id::{CycleId, OrgUnitId, PersonId};
use tally_kernel::micro::Micro;
use tally_kernel::{Error, Kind, Result, msg, page};
use tally_rpc::{Peer, error_from, pages, streamed, unreadable};

/// Clients of the services that compensation reads from.
#[derive(Clone, Debug)]
pub struct Peers {
    /// People and where they belong.
    pub identity: Peer,
    /// Cycles, cards and credits.
    pub performance: Peer,
}

/// A cycle, as far as its money is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Cycle {
    /// Whose it is; nothing for the group's.
    pub unit: Option<OrgUnitId>,
    pub last_day: Date,
}

/// What a published cycle gives everybody.
#[derive(Clone, Debug)]
pub struct Scored {
    pub cycle: Cycle,
    pub scores: Vec<(PersonId, Micro)>,
    /// The version of the cards, the highest that one says; 0 where none says one.
    pub cards_version: u32,
}

/// By which cards somebody was paid.
#[derive(Clone, Copy, Debug)]
pub enum Cards {
    Version(u32),
    /// Those that were published by then.
    KnownAt(Timestamp),
}

impl Cards {
    /// As performance is asked for them.
    fn asked(self) -> (u32, Option<prost_types::Timestamp>) {
        match self {
            Self::Version(version) => (version, None),
            Self::KnownAt(at) => (0, Some(timestamp(at))),
        }
    }
}

/// A credited record behind a statement.
#[derive(Clone, Debug)]
pub struct Credited {
    pub account: String,
    /// `platform/store/name` of the account.
    pub account_key: String,
    /// The platform's own id of the record.
    pub external_id: String,
    /// The person's share, of 1,000,000.
    pub ppm: u32,
    /// Rung of the ladder.
    pub rung: &'static str,
}

impl Peers {
    /// Everybody's score in a published cycle, by these cards of it, or by the newest. Called as the service: the caller's own permit to prepare a settlement is
    /// what allows it.
    ///
    /// # Errors
    /// `CYCLE_NOT_PUBLISHED` while scores may still change.
    pub async fn scores(&self, ctx: &OpContext, cycle: CycleId, by: Option<Cards>) -> Result<Scored> {
        let (result_version, known_at) = by.map_or((0, None), Cards::asked);
        let of = self.published(ctx, cycle).await?;
        let cards = pages(async |page_token| {
            let ask = performance::ListCardsRequest {
                cycle_id: cycle.to_string(),
                page_size: page::MAX_SIZE,
                page_token,
                result_version,
                known_at,
            };
            let mut client = performance::card_service_client::CardServiceClient::new(self.performance.channel());
            let page = client.list_cards(self.performance.as_service(ctx, ask)).await?.into_inner();
            Ok((page.cards, page.next_page_token))
        });
        let score = |card: performance::Card| Ok((sent::value(&card.person_id)?, sent::value(&card.score)?));
        let cards = cards.await?;
        let cards_version = cards.iter().map(|card| card.result_version).max().unwrap_or_default();
        let scores = cards.into_iter().map(score).collect::<Result<_>>()?;
        Ok(Scored { cycle: of, scores, cards_version })
    }

    /// A cycle in whatever state. Called as the service: whose it is must not depend on who asks.
    pub async fn cycle(&self, ctx: &OpContext, cycle: CycleId) -> Result<Cycle> {
        read(&self.told(ctx, cycle).await?)
    }

    /// A cycle, if it is published.
    async fn published(&self, ctx: &OpContext, cycle: CycleId) -> Result<Cycle> {
        let told = self.told(ctx, cycle).await?;
        if told.state() == performance::CycleState::Published {
            return read(&told);
        }
        Err(Error::of(Kind::FailedPrecondition, msg!("CYCLE_NOT_PUBLISHED", cycle)))
    }

    async fn told(&self, ctx: &OpContext, cycle: CycleId) -> Result<performance::Cycle> {
        let mut client = performance::cycle_service_client::CycleServiceClient::new(self.performance.channel());
        let ask = performance::GetCycleRequest { cycle_id: cycle.to_string() };
        let reply = client.get_cycle(self.performance.as_service(ctx, ask)).await.map_err(error_from)?.into_inner();
        Ok(reply.cycle.unwrap_or_default())
    }

    /// A person's credited records in a cycle, by these cards of it: some of them, and how many there are. Called with the caller's
    /// own token, so that nobody sees credits here whom performance would not show them.
    pub async fn credits(
        &self,
        ctx: &OpContext,
        (cycle, by): (CycleId, Cards),
        person: PersonId,
        some: Range<usize>,
    ) -> Result<(Vec<Credited>, u64)> {
        let who = person.to_string();
        let (result_version, known_at) = by.asked();
        let ask = async || {
            let mut client =
                performance::attribution_service_client::AttributionServiceClient::new(self.performance.channel());
            let ask = performance::ExportCreditsRequest {
                cycle_id: cycle.to_string(),
                person_id: who.clone(),
                result_version,
                known_at,
                ..Default::default()
            };
            client.export_credits(self.performance.request(ctx, ask)).await
        };
        let add = |(told, total): &mut (Vec<Credited>, u64), part: performance::ExportCreditsResponse| {
            for credit in part.credits {
                let Some(share) = credit.shares.iter().find(|s| s.person_id == who) else { continue };
                if some.contains(&usize::try_from(*total).map_err(Error::internal)?) {
                    let (rung, ppm) = (rung(credit.rung())?, share.ppm);
                    let (account, account_key, external_id) =
                        (credit.account_id, credit.account_key, credit.external_id);
                    told.push(Credited { account, account_key, external_id, ppm, rung });
                }
                *total += 1;
            }
            Ok(())
        };
        streamed(|| (Vec::new(), 0), ask, add).await
    }
}

fn read(told: &performance::Cycle) -> Result<Cycle> {
    let period = told.period.as_ref().ok_or_else(|| unreadable("a cycle without a period"))?;
    Ok(Cycle { unit: sent::optional_value(&told.unit_id)?, last_day: sent::date(&period.to)? })
}

fn rung(rung: performance::Rung) -> Result<&'static str> {
    Ok(match rung {
        performance::Rung::Tag => "tag",
        performance::Rung::Handover => "handover",
        performance::Rung::Sole => "sole",
        performance::Rung::Inferred => "inferred",
        performance::Rung::Equal => "equal",
        performance::Rung::Team => "team",
        performance::Rung::Split => "split",
        performance::Rung::Claim => "claim",
        performance::Rung::Device => "device",
        performance::Rung::Replies => "replies",
        performance::Rung::TagShare => "tag_share",
        performance::Rung::Unattributed => "unattributed",
        performance::Rung::Unspecified => return Err(unreadable("a rung that is not known here")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_that_is_not_known_here_is_an_error_and_not_unattributed() {
        let credit = |rung| performance::Credit { rung, ..Default::default() };
        assert_eq!(rung(credit(performance::Rung::Team.into()).rung()).unwrap(), "team");
        for unknown in [0, 99] {
            assert_eq!(rung(credit(unknown).rung()).unwrap_err().kind(), Kind::Internal);
        }
    }
}
