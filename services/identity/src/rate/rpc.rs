//! `RateService`: parse, call, render.

use std::mem::take;
use std::sync::Arc;

use tally_api::identity::v1 as pb;
use tally_api::identity::v1::rate_service_server::RateService;
use tally_app::RequestKey;
use tally_app::convert::{date, optional_dates, optional_instant, timestamp};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_kernel::rate::Quotation;
use tally_kernel::{Currency, Error, Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Question};
use super::domain::{Known, MAX_SOURCE, Sourced};
use super::store::Versions;
use crate::App;
use crate::render::question;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl RateService for Rpc {
    async fn set_rates(&self, req: Request<pb::SetRatesRequest>) -> Result<Response<pb::SetRatesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut req = req.into_inner();
            let request = RequestKey::of(take(&mut req.request_id), &req);
            if req.rows.is_empty() {
                let mut wrong = Violations::new();
                wrong.push("rows", msg!("ROWS_MISSING"));
                return wrong.finish(None);
            }
            app::set(&self.0, &ctx, &Import::checked(request, req.rows, MAX_ROWS, read)?).await
        };
        reply.await.map(|done| pb::SetRatesResponse { result: Some(import::told(done, ctx.locale)) }).answer(&ctx)
    }

    async fn list_rates(&self, req: Request<pb::ListRatesRequest>) -> Result<Response<pb::ListRatesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (asked, page) = read_list(&req.into_inner())?;
            let (rates, next_page_token) = app::list(&self.0, &ctx, asked, &page).await?;
            Ok(pb::ListRatesResponse { rates: rates.into_iter().map(Into::into).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn read(row: pb::RateRow, wrong: &mut Violations) -> Option<Sourced> {
    let (base, quote) = (currency(wrong, "base", &row.base), currency(wrong, "quote", &row.quote));
    if base.is_some() && base == quote {
        wrong.push("quote", msg!("RATE_OF_ITSELF"));
    }
    let rate = wrong.take("rate", row.rate.parse().map_err(Error::from));
    let from = date(wrong, "valid_from", row.valid_from.trim());
    let source = row.source.trim().to_owned();
    wrong.text("source", &source, MAX_SOURCE);
    let ((base, quote), (rate, from)) = base.zip(quote).zip(rate.zip(from))?;
    Some(Sourced { quotation: Quotation { base, quote, from, rate }, source })
}

fn currency(wrong: &mut Violations, field: &str, code: &str) -> Option<Currency> {
    wrong.take(field, code.trim().parse().map_err(Error::from))
}

fn read_list(req: &pb::ListRatesRequest) -> Result<(Question, Page), Error> {
    let mut wrong = Violations::new();
    let (from, to) = optional_dates(&mut wrong, &req.from, &req.to);
    let of = if req.currency.is_empty() { None } else { currency(&mut wrong, "currency", &req.currency) };
    let known_at = optional_instant(&mut wrong, "known_at", req.known_at);
    let versions = match known_at {
        Some(_) if req.with_superseded => {
            wrong.push("with_superseded", msg!("SUPERSEDED_AND_KNOWN_AT"));
            Versions::Every
        }
        Some(at) => Versions::KnownAt(at),
        None if req.with_superseded => Versions::Every,
        None => Versions::Counting,
    };
    let every = req.with_superseded.to_string();
    let asked = question(&[&req.from, &req.to, &req.currency, &every], known_at);
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, &asked));
    Ok((Question { from, to, currency: of, versions }, wrong.finish(page)?))
}

impl From<Known> for pb::Rate {
    fn from(known: Known) -> Self {
        let Sourced { quotation, source } = known.said;
        Self {
            rate_id: known.id.to_string(),
            base: quotation.base.to_string(),
            quote: quotation.quote.to_string(),
            rate: quotation.rate.to_string(),
            valid_from: quotation.from.to_string(),
            source,
            recorded_at: Some(timestamp(known.recorded_at)),
            superseded_at: known.superseded_at.map(timestamp),
        }
    }
}
