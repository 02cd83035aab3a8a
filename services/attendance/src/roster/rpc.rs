//! `tally.attendance.v1.RosterService`.

use std::mem::take;

use jiff::Timestamp;
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::roster_service_server::RosterService;
use tally_app::RequestKey;
use tally_app::convert::{fact_instant, optional_instant, stretch, timestamp};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::error::{Violations, field};
use tally_kernel::page::Page;
use tally_kernel::{Result, limits, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{Shift, read_seat};
use crate::app::App;
use crate::placed::{Asked, Stored};
use crate::standing;

#[derive(Debug)]
pub struct Rpc(pub App);

#[tonic::async_trait]
impl RosterService for Rpc {
    async fn publish_shifts(
        &self,
        req: Request<pb::PublishShiftsRequest>,
    ) -> Result<Response<pb::PublishShiftsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let outcome = app::publish_shifts(&self.0, &ctx, read_import(req.into_inner())?).await?;
            Ok(pb::PublishShiftsResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_shifts(
        &self,
        req: Request<pb::ListShiftsRequest>,
    ) -> Result<Response<pb::ListShiftsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let ask = req.into_inner();
            let counting_only = ask.counting_only;
            let (stretch, asked, page) = read_list(ask)?;
            let (found, next_page_token) = app::list_shifts(&self.0, &ctx, stretch, asked, &page).await?;
            Ok(pb::ListShiftsResponse { shifts: standing::told(found, counting_only), next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn get_shift(&self, req: Request<pb::GetShiftRequest>) -> Result<Response<pb::GetShiftResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let found = app::get_shift(&self.0, &ctx, field("shift_id", &req.into_inner().shift_id)?).await?;
            Ok(pb::GetShiftResponse { shift: Some(found.into()) })
        };
        reply.await.answer(&ctx)
    }
}

fn read_import(mut request: pb::PublishShiftsRequest) -> Result<Import<Shift>> {
    let key = RequestKey::of(take(&mut request.request_id), &request);
    Import::checked(key, request.rows, MAX_ROWS, read)
}

fn read(row: pb::Shift, v: &mut Violations) -> Option<Shift> {
    let person = v.parse("person_id", &row.person_id);
    let account = v.parse("account_id", &row.account_id);
    let start = fact_instant(v, "start", row.start);
    let end = fact_instant(v, "end", row.end);
    let (start, end) = (start?, end?);
    if end <= start {
        v.push("end", msg!("NOT_AFTER_START"));
    } else if limits::is_long_shift(start, end) {
        v.push("end", msg!("SHIFT_TOO_LONG", hours = limits::SHIFT_HOURS));
    }
    let seat = read_seat(v, &row.seat);
    Some(Shift { person: person?, account: account?, start, end, seat })
}

type Listed = ((Timestamp, Timestamp), Asked, Page);

fn read_list(ask: pb::ListShiftsRequest) -> Result<Listed> {
    let mut v = Violations::new();
    let within = stretch(&mut v, ask.from, ask.to);
    let asked = Asked {
        person: v.optional("person_id", &ask.person_id),
        account: v.optional("account_id", &ask.account_id),
        known: optional_instant(&mut v, "known_at", ask.known_at),
    };
    let (from, to) = v.finish(within)?;
    let page = Page::read(ask.page_size, &ask.page_token, format!("shifts {from} {to} {asked:?}").as_bytes())?;
    Ok(((from, to), asked, page))
}

impl From<Stored<Shift>> for pb::Shift {
    fn from(Stored { id, placed, standing }: Stored<Shift>) -> Self {
        Self { shift_id: id.to_string(), standing: Some(standing.into()), ..placed.fact.into() }
    }
}

impl From<Shift> for pb::Shift {
    fn from(shift: Shift) -> Self {
        Self {
            person_id: shift.person.to_string(),
            account_id: shift.account.to_string(),
            start: Some(timestamp(shift.start)),
            end: Some(timestamp(shift.end)),
            seat: shift.seat.unwrap_or_default(),
            ..Self::default()
        }
    }
}
