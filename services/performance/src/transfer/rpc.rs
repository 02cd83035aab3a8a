//! TransferService: messages in, messages out.

use std::mem::take;

use tally_access::Region;
use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::timestamp;
use tally_kernel::error::{Violations, field};
use tally_kernel::id::TransferId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Micro, Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Prepared, Wanted, What};
use super::domain::{Kind, Stage, Taken, Transfer};
use super::store::StoredCell;
use crate::App;
use crate::policy::{RejectTransfer, WithdrawTransfer};

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::transfer_service_server::TransferService for Rpc {
    async fn prepare_transfer(
        &self,
        req: Request<pb::PrepareTransferRequest>,
    ) -> Result<Response<pb::PrepareTransferResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            app::prepare(&self.app, &ctx, &request, &asked.try_into()?).await.map(Into::into)
        };
        reply.await.answer(&ctx)
    }

    async fn approve_transfer(
        &self,
        req: Request<pb::ApproveTransferRequest>,
    ) -> Result<Response<pb::ApproveTransferResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let id = field("transfer_id", &asked.transfer_id)?;
            let transfer = app::approve(&self.app, &ctx, &request, id).await?;
            Ok(pb::ApproveTransferResponse { transfer: Some(transfer.into()) })
        };
        reply.await.answer(&ctx)
    }

    async fn withdraw_transfer(
        &self,
        req: Request<pb::WithdrawTransferRequest>,
    ) -> Result<Response<pb::WithdrawTransferResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let (id, reason) = read_drop(&asked.transfer_id, &asked.reason)?;
            let wanted = (Stage::Withdrawn, id, reason);
            let transfer = app::drop::<WithdrawTransfer>(&self.app, &ctx, &request, wanted).await?;
            Ok(pb::WithdrawTransferResponse { transfer: Some(transfer.into()) })
        };
        reply.await.answer(&ctx)
    }

    async fn reject_transfer(
        &self,
        req: Request<pb::RejectTransferRequest>,
    ) -> Result<Response<pb::RejectTransferResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let (id, reason) = read_drop(&asked.transfer_id, &asked.reason)?;
            let wanted = (Stage::Rejected, id, reason);
            let transfer = app::drop::<RejectTransfer>(&self.app, &ctx, &request, wanted).await?;
            Ok(pb::RejectTransferResponse { transfer: Some(transfer.into()) })
        };
        reply.await.answer(&ctx)
    }

    async fn release_transfer(
        &self,
        req: Request<pb::ReleaseTransferRequest>,
    ) -> Result<Response<pb::ReleaseTransferResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let id = field("transfer_id", &asked.transfer_id)?;
            let (transfer, file) = app::release(&self.app, &ctx, &request, id).await?;
            Ok(pb::ReleaseTransferResponse { transfer: Some(transfer.into()), file })
        };
        reply.await.answer(&ctx)
    }

    async fn import_transfer(
        &self,
        req: Request<pb::ImportTransferRequest>,
    ) -> Result<Response<pb::ImportTransferResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let (from, items) = app::import(&self.app, &ctx, &request, &asked.file).await?;
            Ok(pb::ImportTransferResponse { from_region: from.to_string(), items })
        };
        reply.await.answer(&ctx)
    }

    async fn list_transfers(
        &self,
        req: Request<pb::ListTransfersRequest>,
    ) -> Result<Response<pb::ListTransfersResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let page = Page::read(asked.page_size, &asked.page_token, b"transfers")?;
            let (transfers, next_page_token) = app::list(&self.app, &ctx, &page).await?;
            let transfers = transfers.into_iter().map(Into::into).collect();
            Ok(pb::ListTransfersResponse { transfers, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn list_cells(&self, req: Request<pb::ListCellsRequest>) -> Result<Response<pb::ListCellsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (of, page) = read_list(&req.into_inner())?;
            let (cells, next_page_token) = app::list_cells(&self.app, &ctx, of, &page).await?;
            let cells = cells.into_iter().map(cell).collect::<Result<_>>()?;
            Ok(pb::ListCellsResponse { cells, next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn read_drop(transfer_id: &str, reason: &str) -> Result<(TransferId, String)> {
    let mut wrong = Violations::new();
    let id = wrong.parse("transfer_id", transfer_id);
    wrong.text("reason", reason, 500);
    Ok((wrong.finish(id)?, reason.trim().to_owned()))
}

fn read_list(asked: &pb::ListCellsRequest) -> Result<(Option<TransferId>, Page)> {
    let of = match asked.transfer_id.as_str() {
        "" => None,
        id => Some(field("transfer_id", id)?),
    };
    let page = Page::read(asked.page_size, &asked.page_token, format!("cells {}", asked.transfer_id).as_bytes())?;
    Ok((of, page))
}

impl TryFrom<pb::PrepareTransferRequest> for Wanted {
    type Error = Error;
    fn try_from(asked: pb::PrepareTransferRequest) -> Result<Self> {
        let mut wrong = Violations::new();
        let what = match asked.kind() {
            pb::TransferKind::Report => wrong.parse("cycle_id", &asked.cycle_id).map(What::Report),
            pb::TransferKind::Directory => Some(What::Directory),
            pb::TransferKind::Unspecified => {
                wrong.push("kind", msg!("TRANSFER_KIND_EXPECTED"));
                None
            }
        };
        let mut region = |field: &str, name: &str| {
            let region: Option<Region> = wrong.parse(field, name);
            if region.as_ref().is_some_and(Region::is_global) {
                wrong.push(field, msg!("REGION_IS_GLOBAL"));
            }
            region
        };
        let from =
            if asked.from_region.is_empty() { Some(None) } else { region("from_region", &asked.from_region).map(Some) };
        let to = region("to_region", &asked.to_region);
        wrong.text("purpose", &asked.purpose, 500);
        wrong.text("legal_basis", &asked.legal_basis, 500);
        let wanted = what.zip(from.zip(to)).map(|(what, (from, to))| Self {
            what,
            from,
            to,
            purpose: asked.purpose.trim().to_owned(),
            legal_basis: asked.legal_basis.trim().to_owned(),
        });
        wrong.finish(wanted)
    }
}

impl From<Prepared> for pb::PrepareTransferResponse {
    fn from(prepared: Prepared) -> Self {
        let withheld = prepared
            .withheld
            .into_iter()
            .map(|(unit, why)| pb::WithheldCell { unit_id: unit.to_string(), reason: why.to_string() });
        Self { transfer: Some(prepared.transfer.into()), withheld: withheld.collect() }
    }
}

impl From<Transfer> for pb::Transfer {
    fn from(transfer: Transfer) -> Self {
        let stage = match transfer.stage {
            Stage::Prepared => pb::TransferStage::Prepared,
            Stage::Approved => pb::TransferStage::Approved,
            Stage::Released => pb::TransferStage::Released,
            Stage::Withdrawn => pb::TransferStage::Withdrawn,
            Stage::Rejected => pb::TransferStage::Rejected,
        };
        let kind = match transfer.kind {
            Kind::Report => pb::TransferKind::Report,
            Kind::Directory => pb::TransferKind::Directory,
        };
        let by = |step: Option<Taken>| step.map(|step| step.by.by.to_string()).unwrap_or_default();
        let at = |step: Option<Taken>| step.map(|step| timestamp(step.at));
        let (dropped, drop_reason) = transfer.dropped.unzip();
        Self {
            transfer_id: transfer.id.to_string(),
            kind: kind.into(),
            from_region: transfer.from.to_string(),
            to_region: transfer.to.to_string(),
            purpose: transfer.purpose,
            legal_basis: transfer.legal_basis,
            month: transfer.month,
            stage: stage.into(),
            items: transfer.items,
            prepared_by: by(Some(transfer.prepared)),
            prepared_at: at(Some(transfer.prepared)),
            approved_by: by(transfer.approved),
            approved_at: at(transfer.approved),
            released_by: by(transfer.released),
            released_at: at(transfer.released),
            dropped_by: by(dropped),
            dropped_at: at(dropped),
            drop_reason: drop_reason.unwrap_or_default(),
        }
    }
}

fn cell(stored: StoredCell) -> Result<pb::Cell> {
    let credited = Micro::from_millionths(i64::try_from(stored.cell.credited_ppm).map_err(Error::internal)?);
    Ok(pb::Cell {
        cell_id: stored.id.to_string(),
        transfer_id: stored.transfer.to_string(),
        from_region: stored.from,
        month: stored.month,
        unit_id: stored.cell.unit.to_string(),
        parent_id: stored.cell.parent.map(|parent| parent.to_string()).unwrap_or_default(),
        name: stored.cell.name,
        people: stored.cell.people,
        credited: credited.to_string(),
        mean_score: stored.cell.mean_score.to_string(),
    })
}
