//! ReplayService: messages in, messages out.

use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use tally_access::{OpContext, Target};
use tally_api::performance::v1 as pb;
use tally_i18n::text;
use tally_kernel::error::field;
use tally_kernel::id::PersonId;
use tally_kernel::{Locale, Message, Result};
use tally_rpc::{Answer as _, mask};
use tonic::{Request, Response, Status};

use super::app::{self, Told};
use super::domain::{CreditedAs, Difference, Of, Replayed};
use crate::App;
use crate::policy::ReplayCycle;
use crate::rungs::rung;

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

type Replaying = Pin<Box<dyn Stream<Item = Result<pb::ReplayCycleResponse, Status>> + Send>>;

#[tonic::async_trait]
impl pb::replay_service_server::ReplayService for Rpc {
    type ReplayCycleStream = Replaying;

    async fn replay_cycle(&self, req: Request<pb::ReplayCycleRequest>) -> Result<Response<Replaying>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let id = field("cycle_id", &req.into_inner().cycle_id)?;
            let (cycle, told) = app::replay(&self.app, &ctx, id).await?;
            Ok(told_in(&ctx, cycle.target(), told))
        };
        reply.await.answer(&ctx)
    }
}

fn told_in(ctx: &OpContext, target: Target, told: impl Stream<Item = Result<Told>> + Send + 'static) -> Replaying {
    let ctx = ctx.clone();
    Box::pin(told.map(move |told| match told {
        Ok(Told::Step(step, done, total)) => {
            let step = step.message().map(|step| text(ctx.locale, &step)).unwrap_or_default();
            Ok(pb::ReplayCycleResponse { step, done, total, ..Default::default() })
        }
        Ok(Told::End(replayed)) => Ok(ended(&ctx, &target, *replayed)),
        Err(error) => Err(tally_rpc::status(error, ctx.locale)),
    }))
}

/// The last message, without what the caller may not read of the cycle.
fn ended(ctx: &OpContext, target: &Target, replayed: Replayed) -> pb::ReplayCycleResponse {
    let mut last = pb::ReplayCycleResponse { replay: Some(message(replayed, ctx.locale)), ..Default::default() };
    let name = "tally.performance.v1.ReplayCycleResponse";
    let masked = mask::<ReplayCycle, _>(ctx, name, &mut last, std::slice::from_ref(target));
    pb::ReplayCycleResponse { masked_fields: masked, ..last }
}

fn message(replayed: Replayed, locale: Locale) -> pb::CycleReplay {
    let Replayed { cycle, credits, cards, digests, credits_digests, differences } = replayed;
    pb::CycleReplay {
        cycle_id: cycle.to_string(),
        same: differences.count == 0,
        credits,
        cards,
        digest_then: digests.0,
        digest_now: digests.1,
        credits_digest_then: credits_digests.0,
        credits_digest_now: credits_digests.1,
        differing: differences.count,
        differences: differences.first.into_iter().map(|one| difference(one, locale)).collect(),
    }
}

fn difference(one: Difference, locale: Locale) -> pb::CycleDifference {
    let Difference { of, credits, words, said } = one;
    let told = |side: Option<Message>| side.map(|side| text(locale, &side)).unwrap_or_default();
    let mut told = pb::CycleDifference {
        stored_credit: credits.0.map(Into::into),
        derived_credit: credits.1.map(Into::into),
        stored: told(words.0),
        derived: told(words.1),
        said: said.iter().map(|said| text(locale, said)).collect(),
        ..Default::default()
    };
    let (kind, person) = match of {
        Of::Credit(account, external_id) => {
            (told.account_id, told.external_id) = (account.to_string(), external_id);
            (pb::ReplayedKind::Credit, None)
        }
        Of::Sum(person) => (pb::ReplayedKind::Sum, Some(person)),
        Of::Card(person) => (pb::ReplayedKind::Card, Some(person)),
        Of::Cycle => (pb::ReplayedKind::Cycle, None),
    };
    told.person_id = person.map(|person: PersonId| person.to_string()).unwrap_or_default();
    told.set_kind(kind);
    told
}

impl From<CreditedAs> for pb::CreditedAs {
    fn from(CreditedAs { rung: step, shares, reason }: CreditedAs) -> Self {
        let share = |(person, ppm): (PersonId, u32)| pb::Share { person_id: person.to_string(), ppm };
        let rung = step.map_or(pb::Rung::Unspecified, rung).into();
        Self { rung, shares: shares.into_iter().map(share).collect(), reason }
    }
}
