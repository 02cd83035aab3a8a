//! CardService: messages in, messages out.

use prost::Message as _;
use tally_access::Locale;
use tally_api::performance::v1 as pb;
use tally_app::convert::timestamp;
use tally_i18n::text;
use tally_kernel::error::field;
use tally_kernel::page::Page;
use tally_kernel::{Micro, Result};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, CardVersion};
use super::store::StoredCard;
use crate::App;
use crate::cycle::message::version;
use tally_engine::scoring::{Dropped, Line};

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::card_service_server::CardService for Rpc {
    async fn get_card(&self, req: Request<pb::GetCardRequest>) -> Result<Response<pb::GetCardResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let (cycle, person) = (field("cycle_id", &asked.cycle_id)?, field("person_id", &asked.person_id)?);
            let version = version(asked.result_version, asked.known_at)?;
            let card = app::get_card(&self.app, &ctx, cycle, person, version).await?;
            Ok(pb::GetCardResponse { card: Some(message(card, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_cards(&self, req: Request<pb::ListCardsRequest>) -> Result<Response<pb::ListCardsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let question = pb::ListCardsRequest { page_token: String::new(), page_size: 0, ..asked.clone() };
            let page = Page::read(asked.page_size, &asked.page_token, &question.encode_to_vec())?;
            let (cycle, version) =
                (field("cycle_id", &asked.cycle_id)?, version(asked.result_version, asked.known_at)?);
            let (cards, next_page_token) = app::list_cards(&self.app, &ctx, cycle, version, &page).await?;
            let cards = cards.into_iter().map(|card| message(card, ctx.locale)).collect();
            Ok(pb::ListCardsResponse { cards, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn list_card_versions(
        &self,
        req: Request<pb::ListCardVersionsRequest>,
    ) -> Result<Response<pb::ListCardVersionsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let (cycle, person) = (field("cycle_id", &asked.cycle_id)?, field("person_id", &asked.person_id)?);
            let versions = app::list_versions(&self.app, &ctx, cycle, person).await?;
            let versions = versions.into_iter().map(|version| version_message(version, ctx.locale)).collect();
            Ok(pb::ListCardVersionsResponse { versions })
        };
        reply.await.answer(&ctx)
    }
}

fn version_message(told: CardVersion, locale: Locale) -> pb::CardVersion {
    pb::CardVersion {
        result_version: told.published.version,
        published_at: Some(timestamp(told.published.at)),
        reason: told.reason.unwrap_or_default(),
        card: told.card.map(|card| message(card, locale)),
        changes: told.changes.iter().map(|change| text(locale, change)).collect(),
    }
}

fn message(stored: StoredCard, locale: Locale) -> pb::Card {
    let card = stored.card;
    pb::Card {
        card_id: stored.id.to_string(),
        cycle_id: stored.cycle.to_string(),
        person_id: card.person.to_string(),
        unit_id: card.unit.to_string(),
        score: card.score.to_string(),
        collaboration: card.collaboration.map_or(Micro::ZERO, |c| c.points).to_string(),
        rank: card.rank,
        of: card.of,
        lines: card.lines.iter().map(|l| line(l, locale)).collect(),
        inputs_digest: stored.inputs_digest,
        credited_ppm: card.credited_ppm,
        outside_ppm: card.outside_ppm.unwrap_or(0),
        result_version: stored.version,
    }
}

fn line(line: &Line, locale: Locale) -> pb::CardLine {
    let number = |n: Option<Micro>| n.map(|n| n.to_string()).unwrap_or_default();
    let next = line.explain_next().map(|next| text(locale, &next)).unwrap_or_default();
    pb::CardLine {
        kpi: line.kpi.clone(),
        value: number(line.raw),
        adjusted: number(line.adjusted),
        target: number(line.target.map(|t| t.value)),
        normalised: number(line.normalised),
        weight: line.weight.to_string(),
        weighted: line.weighted.to_string(),
        n: line.n.to_string(),
        next,
        note: text(locale, &line.explain()),
        dropped: line.dropped.map_or(pb::DropReason::Unspecified, why).into(),
    }
}

fn why(dropped: Dropped) -> pb::DropReason {
    match dropped {
        Dropped::NobodyHasData => pb::DropReason::NobodyHasData,
        Dropped::NoDataOfPerson => pb::DropReason::NoDataOfPerson,
        Dropped::NoPast => pb::DropReason::NoPast,
        Dropped::NoTarget => pb::DropReason::NoTarget,
        Dropped::TooLarge => pb::DropReason::TooLarge,
        Dropped::TooLargeElsewhere => pb::DropReason::TooLargeElsewhere,
    }
}
