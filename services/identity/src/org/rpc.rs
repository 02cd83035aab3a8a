//! `OrgService`: parse, call, render.

use std::mem::take;
use std::sync::Arc;

use tally_api::identity::v1 as pb;
use tally_api::identity::v1::org_service_server::OrgService;
use tally_app::RequestKey;
use tally_app::convert::{date, date_text, optional_date, optional_instant};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_kernel::{Error, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{Command, KindAsked, Unit, UnitKind, UnitRow};
use crate::App;
use crate::policy::{CloseOrgUnit, MergeOrgUnits, MoveOrgUnit, RenameOrgUnit};
use crate::render::question;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl OrgService for Rpc {
    async fn import_org_units(
        &self,
        req: Request<pb::ImportOrgUnitsRequest>,
    ) -> Result<Response<pb::ImportOrgUnitsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut req = req.into_inner();
            let request = RequestKey::of(take(&mut req.request_id), &req);
            app::import(&self.0, &ctx, &Import::checked(request, req.rows, MAX_ROWS, |row, _| Some(row.into()))?).await
        };
        reply.await.map(|done| pb::ImportOrgUnitsResponse { result: Some(import::told(done, ctx.locale)) }).answer(&ctx)
    }

    async fn move_org_unit(
        &self,
        req: Request<pb::MoveOrgUnitRequest>,
    ) -> Result<Response<pb::MoveOrgUnitResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::change::<MoveOrgUnit>(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|done| pb::MoveOrgUnitResponse { unit: Some(done.unit.into()) }).answer(&ctx)
    }

    async fn rename_org_unit(
        &self,
        req: Request<pb::RenameOrgUnitRequest>,
    ) -> Result<Response<pb::RenameOrgUnitResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::change::<RenameOrgUnit>(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|done| pb::RenameOrgUnitResponse { unit: Some(done.unit.into()) }).answer(&ctx)
    }

    async fn close_org_unit(
        &self,
        req: Request<pb::CloseOrgUnitRequest>,
    ) -> Result<Response<pb::CloseOrgUnitResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::change::<CloseOrgUnit>(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply
            .await
            .map(|done| pb::CloseOrgUnitResponse { unit: Some(done.unit.into()), moved: done.moved })
            .answer(&ctx)
    }

    async fn merge_org_units(
        &self,
        req: Request<pb::MergeOrgUnitsRequest>,
    ) -> Result<Response<pb::MergeOrgUnitsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::change::<MergeOrgUnits>(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply
            .await
            .map(|done| pb::MergeOrgUnitsResponse { unit: Some(done.unit.into()), moved: done.moved })
            .answer(&ctx)
    }

    async fn list_org_units(
        &self,
        req: Request<pb::ListOrgUnitsRequest>,
    ) -> Result<Response<pb::ListOrgUnitsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (asked, page) = read_list(&req.into_inner())?;
            let app::Listed { units, next, gone } = app::list(&self.0, &ctx, asked, &page).await?;
            let told = |units: Vec<Unit>| units.into_iter().map(Into::into).collect();
            Ok(pb::ListOrgUnitsResponse { units: told(units), next_page_token: next, gone: told(gone) })
        };
        reply.await.answer(&ctx)
    }
}

fn read_list(req: &pb::ListOrgUnitsRequest) -> Result<(app::Asked, Page), Error> {
    let mut wrong = Violations::new();
    let as_of = optional_date(&mut wrong, "as_of", &req.as_of);
    let through = optional_date(&mut wrong, "through", &req.through);
    let known_at = optional_instant(&mut wrong, "known_at", req.known_at);
    if through.is_some() && !req.unit_ids.is_empty() {
        wrong.push("through", msg!("THROUGH_OR_NAMED"));
    }
    if through.is_some_and(|last| as_of.is_none_or(|first| last < first)) {
        wrong.push("through", msg!("THROUGH_BEFORE"));
    }
    let named = req.unit_ids.iter().take(MAX_ROWS).enumerate();
    let units = named.filter_map(|(at, id)| wrong.parse(&format!("unit_ids[{at}]"), id)).collect::<Vec<_>>();
    if req.unit_ids.len() > MAX_ROWS {
        wrong.push("unit_ids", msg!("ROWS_TOO_MANY", max = MAX_ROWS, count = req.unit_ids.len()));
    }
    let asked = question(&[&req.as_of, &req.through, &req.unit_ids.join(" ")], known_at);
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, &asked));
    let units = (!req.unit_ids.is_empty()).then_some(units);
    let with_gone = req.with_gone;
    Ok((app::Asked { as_of, through, known_at, units, with_gone }, wrong.finish(page)?))
}

impl From<pb::OrgUnitRow> for UnitRow {
    fn from(row: pb::OrgUnitRow) -> Self {
        Self { kind: read_kind(row.kind), path: row.path, region: row.region, from: row.valid_from }
    }
}

impl TryFrom<pb::MoveOrgUnitRequest> for app::Wanted {
    type Error = Error;
    fn try_from(req: pb::MoveOrgUnitRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let unit = wrong.parse("unit_id", &req.unit_id);
        let parent = wrong.parse("parent_id", &req.parent_id);
        let from = date(&mut wrong, "from", &req.from);
        let (unit, (parent, from)) = wrong.finish(unit.zip(parent.zip(from)))?;
        Ok(Self { request, command: Command::Move { unit, parent }, from, backdated: req.backdated })
    }
}

impl TryFrom<pb::RenameOrgUnitRequest> for app::Wanted {
    type Error = Error;
    fn try_from(req: pb::RenameOrgUnitRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let unit = wrong.parse("unit_id", &req.unit_id);
        let from = date(&mut wrong, "from", &req.from);
        let (unit, from) = wrong.finish(unit.zip(from))?;
        Ok(Self { request, command: Command::Rename { unit, name: req.name }, from, backdated: false })
    }
}

impl TryFrom<pb::CloseOrgUnitRequest> for app::Wanted {
    type Error = Error;
    fn try_from(req: pb::CloseOrgUnitRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let unit = wrong.parse("unit_id", &req.unit_id);
        let people_to = wrong.optional("move_people_to", &req.move_people_to);
        let from = date(&mut wrong, "from", &req.from);
        let (unit, from) = wrong.finish(unit.zip(from))?;
        Ok(Self { request, command: Command::Close { unit, people_to }, from, backdated: req.backdated })
    }
}

impl TryFrom<pb::MergeOrgUnitsRequest> for app::Wanted {
    type Error = Error;
    fn try_from(req: pb::MergeOrgUnitsRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        if req.unit_ids.len() > MAX_ROWS {
            wrong.push("unit_ids", msg!("ROWS_TOO_MANY", max = MAX_ROWS, count = req.unit_ids.len()));
        }
        let request = RequestKey::of(req.request_id.clone(), &req);
        let named = req.unit_ids.iter().enumerate();
        let units = named.filter_map(|(at, id)| wrong.parse(&format!("unit_ids[{at}]"), id)).collect();
        let into = wrong.parse("into_id", &req.into_id);
        let from = date(&mut wrong, "from", &req.from);
        let (into, from) = wrong.finish(into.zip(from))?;
        Ok(Self { request, command: Command::Merge { units, into }, from, backdated: req.backdated })
    }
}

fn read_kind(kind: i32) -> KindAsked {
    match pb::OrgUnitKind::try_from(kind) {
        Err(_) => KindAsked::Unknown,
        Ok(pb::OrgUnitKind::Unspecified) => KindAsked::Default,
        Ok(pb::OrgUnitKind::Group) => KindAsked::Is(UnitKind::Group),
        Ok(pb::OrgUnitKind::LegalEntity) => KindAsked::Is(UnitKind::LegalEntity),
        Ok(pb::OrgUnitKind::Branch) => KindAsked::Is(UnitKind::Branch),
        Ok(pb::OrgUnitKind::Department) => KindAsked::Is(UnitKind::Department),
        Ok(pb::OrgUnitKind::Team) => KindAsked::Is(UnitKind::Team),
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
            valid_to: date_text(unit.to),
            into_id: unit.into.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}
