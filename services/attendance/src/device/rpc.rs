//! `tally.attendance.v1.DeviceService`.

use std::collections::BTreeSet;
use std::mem::take;
use std::pin::Pin;

use futures::Stream;
use jiff::SignedDuration;
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::device_service_server::DeviceService;
use tally_api::common::v1 as common;
use tally_app::RequestKey;
use tally_app::convert::{date_text, optional_dates, optional_instant, period, timestamp};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_kernel::{Locale, Result, limits, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Question, Row};
use super::domain::{Device, Owner, Shared};
use super::uses::Use;
use crate::app::{App, MAX_NAME};
use crate::occupancy;
use crate::placed::{Placed, Stored};
use crate::standing;

/// Uses of one part of an answer.
const PART: usize = 5_000;
/// Devices that one call may name.
const MAX_DEVICES: usize = 10_000;

#[derive(Debug)]
pub struct Rpc(pub App);

type Parts = Pin<Box<dyn Stream<Item = Result<pb::ListDeviceUsesResponse, Status>> + Send>>;

#[tonic::async_trait]
impl DeviceService for Rpc {
    type ListDeviceUsesStream = Parts;

    async fn import_devices(
        &self,
        req: Request<pb::ImportDevicesRequest>,
    ) -> Result<Response<pb::ImportDevicesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let done = app::import_devices(&self.0, &ctx, read_import(req.into_inner(), self.0.replays)?).await?;
            let findings = done.shared.into_iter().map(|shared| finding(shared, ctx.locale)).collect();
            Ok(pb::ImportDevicesResponse { result: Some(import::told(done.outcome, ctx.locale)), findings })
        };
        reply.await.answer(&ctx)
    }

    async fn list_devices(
        &self,
        req: Request<pb::ListDevicesRequest>,
    ) -> Result<Response<pb::ListDevicesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let ask = req.into_inner();
            let mut v = Violations::new();
            let known = optional_instant(&mut v, "known_at", ask.known_at);
            v.finish(Some(()))?;
            let page = Page::read(ask.page_size, &ask.page_token, format!("devices {known:?}").as_bytes())?;
            let (found, next_page_token) = app::list_devices(&self.0, &ctx, known, &page).await?;
            Ok(pb::ListDevicesResponse { devices: standing::told(found, ask.counting_only), next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn list_device_uses(&self, req: Request<pb::ListDeviceUsesRequest>) -> Result<Response<Parts>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let uses = app::list_device_uses(&self.0, &ctx, read_question(req.into_inner())?).await?;
            Ok(Box::pin(futures::stream::iter(parts(uses).into_iter().map(Ok))) as Parts)
        };
        reply.await.answer(&ctx)
    }
}

fn read_import(mut request: pb::ImportDevicesRequest, replays: bool) -> Result<Import<Row>> {
    let key = RequestKey::of(take(&mut request.request_id), &request);
    Import::checked(key, request.rows, MAX_ROWS, |row, v| read(&row, v, replays))
}

fn read(row: &pb::Device, v: &mut Violations, replays: bool) -> Option<Row> {
    if replays {
        v.text("device", &row.device, MAX_NAME);
    } else {
        v.id("device", &row.device, MAX_NAME);
    }
    let owner = Owner::read(v, &row.person_id, &row.seat);
    let (from, to) = optional_dates(v, &row.from, &row.to);
    let (mut unit, mut region) = (None, None);
    if row.person_id.is_empty() {
        (unit, region) = (v.optional("unit_id", &row.unit_id), v.optional("region", &row.region));
    }
    let device = Device { device: row.device.trim().to_owned(), owner: owner?, from, to };
    Some(Row { device, unit, region })
}

fn read_question(ask: pb::ListDeviceUsesRequest) -> Result<Question> {
    let mut v = Violations::new();
    let period = period(&mut v, "period", ask.period);
    if period.is_some_and(|p| p.from().until(p.to()).is_ok_and(|days| days.get_days() >= limits::PERIOD_DAYS)) {
        v.push("period", msg!("PERIOD_TOO_LONG", days = limits::PERIOD_DAYS));
    }
    if ask.devices.len() > MAX_DEVICES {
        v.push("devices", msg!("AT_MOST", max = MAX_DEVICES));
    }
    let grace = match ask.grace_minutes {
        None => occupancy::domain::Policy::default().grace,
        Some(minutes) => {
            if minutes > 240 {
                v.push("grace_minutes", msg!("AT_MOST", max = 240));
            }
            SignedDuration::from_mins(minutes.into())
        }
    };
    let known = optional_instant(&mut v, "known_at", ask.known_at);
    let devices: BTreeSet<String> = ask.devices.iter().map(|device| device.trim().to_owned()).collect();
    v.finish(period.map(|period| Question { period, devices, grace, known }))
}

/// The answer in parts. An empty answer is one empty part.
fn parts(uses: Vec<Use>) -> Vec<pb::ListDeviceUsesResponse> {
    let rendered: Vec<pb::DeviceUse> = uses.into_iter().map(render_use).collect();
    if rendered.is_empty() {
        return vec![pb::ListDeviceUsesResponse::default()];
    }
    rendered.chunks(PART).map(|uses| pb::ListDeviceUsesResponse { uses: uses.to_vec() }).collect()
}

fn render_use(one: Use) -> pb::DeviceUse {
    pb::DeviceUse {
        device: one.device,
        person_id: one.person.to_string(),
        start: Some(timestamp(one.span.start)),
        end: Some(timestamp(one.span.end)),
        seat: one.seat.unwrap_or_default(),
    }
}

fn finding(Shared { device, from }: Shared, locale: Locale) -> common::Finding {
    let detail = match from {
        Some(from) => msg!("DEVICE_BOUND_TO_SEVERAL", device, from),
        None => msg!("DEVICE_BOUND_TO_SEVERAL.ever", device),
    };
    tally_app::finding("DEVICE_OF_SEVERAL".to_owned(), device, String::new(), &detail, locale)
}

impl From<Stored<Device>> for pb::Device {
    fn from(Stored { id, placed: Placed { home, fact }, standing }: Stored<Device>) -> Self {
        Self {
            device_id: id.to_string(),
            unit_id: home.unit.map(|unit| unit.to_string()).unwrap_or_default(),
            region: home.region.to_string(),
            standing: Some(standing.into()),
            ..fact.into()
        }
    }
}

impl From<Device> for pb::Device {
    fn from(device: Device) -> Self {
        Self {
            person_id: device.owner.person().map(|person| person.to_string()).unwrap_or_default(),
            seat: device.owner.seat().unwrap_or_default().to_owned(),
            device: device.device,
            from: date_text(device.from),
            to: date_text(device.to),
            ..Self::default()
        }
    }
}
