//! `OrgService`: parse, call, render.

use std::sync::Arc;

use jiff::civil::Date;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::org_service_server::OrgService;
use tally_kernel::Error;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{Unit, UnitKind, UnitRow};
use crate::App;
use crate::render::{check_rows, date, date_or_none, day, digest};

/// The server.
pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl OrgService for Rpc {
    async fn import_org_units(
        &self,
        req: Request<pb::ImportOrgUnitsRequest>,
    ) -> Result<Response<pb::ImportOrgUnitsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::import(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|done| pb::ImportOrgUnitsResponse { result: Some(done.into()) }).answer(&ctx)
    }

    async fn move_org_unit(
        &self,
        req: Request<pb::MoveOrgUnitRequest>,
    ) -> Result<Response<pb::MoveOrgUnitResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::move_unit(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|unit| pb::MoveOrgUnitResponse { unit: Some(unit.into()) }).answer(&ctx)
    }

    async fn list_org_units(
        &self,
        req: Request<pb::ListOrgUnitsRequest>,
    ) -> Result<Response<pb::ListOrgUnitsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (as_of, page) = read_list(&req.into_inner())?;
            let (units, next_page_token) = app::list(&self.0, &ctx, as_of, &page).await?;
            Ok(pb::ListOrgUnitsResponse { units: units.into_iter().map(Into::into).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn read_list(req: &pb::ListOrgUnitsRequest) -> Result<(Option<Date>, Page), Error> {
    let mut wrong = Violations::new();
    let as_of = date_or_none(&mut wrong, "as_of", &req.as_of);
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, req.as_of.as_bytes()));
    Ok((as_of, wrong.finish(page)?))
}

impl TryFrom<pb::ImportOrgUnitsRequest> for app::Import {
    type Error = Error;
    fn try_from(req: pb::ImportOrgUnitsRequest) -> Result<Self, Error> {
        check_rows(&req.rows)?;
        let body = digest(&req);
        let row = |row: pb::OrgUnitRow| UnitRow {
            kind: read_kind(row.kind()),
            path: row.path,
            region: row.region,
            from: row.valid_from,
        };
        Ok(Self { request_id: req.request_id, body, rows: req.rows.into_iter().map(row).collect() })
    }
}

impl TryFrom<pb::MoveOrgUnitRequest> for app::Move {
    type Error = Error;
    fn try_from(req: pb::MoveOrgUnitRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let body = digest(&req);
        let unit = wrong.parse("unit_id", &req.unit_id);
        let parent = wrong.parse("parent_id", &req.parent_id);
        let from = date(&mut wrong, "from", &req.from);
        let (unit, (parent, from)) = wrong.finish(unit.zip(parent.zip(from)))?;
        Ok(Self { request_id: req.request_id, body, unit, parent, from })
    }
}

fn read_kind(kind: pb::OrgUnitKind) -> Option<UnitKind> {
    match kind {
        pb::OrgUnitKind::Unspecified => None,
        pb::OrgUnitKind::Group => Some(UnitKind::Group),
        pb::OrgUnitKind::LegalEntity => Some(UnitKind::LegalEntity),
        pb::OrgUnitKind::Branch => Some(UnitKind::Branch),
        pb::OrgUnitKind::Department => Some(UnitKind::Department),
        pb::OrgUnitKind::Team => Some(UnitKind::Team),
    }
}

impl From<UnitKind> for pb::OrgUnitKind {
    fn from(kind: UnitKind) -> Self {
        match kind {
            UnitKind::Group => Self::Group,
            UnitKind::LegalEntity => Self::LegalEntity,
            UnitKind::Branch => Self::Branch,
            UnitKind::Department => Self::Department,
            UnitKind::Team => Self::Team,
        }
    }
}

impl From<Unit> for pb::OrgUnit {
    fn from(unit: Unit) -> Self {
        Self {
            unit_id: unit.id.to_string(),
            parent_id: unit.parent.map(|id| id.to_string()).unwrap_or_default(),
            name: unit.name,
            path: unit.path,
            kind: pb::OrgUnitKind::from(unit.kind).into(),
            region: unit.region.to_string(),
            valid_from: unit.from.to_string(),
            valid_to: day(unit.to),
        }
    }
}
