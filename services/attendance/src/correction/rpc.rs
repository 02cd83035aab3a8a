//! `tally.attendance.v1.CorrectionService`.

mod read;
mod render;

use prost::Message as _;
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::correction_service_server::CorrectionService;
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::Stage;
use crate::app::App;
use crate::policy::{
    CancelShift, ChangeShift, CorrectHandover, CorrectPunch, EndAlias, EndDevice, MoveAlias, MoveDevice,
    RejectCorrection, WithdrawCorrection,
};

#[derive(Debug)]
pub(crate) struct Rpc(pub(crate) App);

#[tonic::async_trait]
impl CorrectionService for Rpc {
    async fn correct_punch(
        &self,
        req: Request<pb::CorrectPunchRequest>,
    ) -> Result<Response<pb::CorrectPunchResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::correct::<CorrectPunch>(&self.0, &ctx, &read::punch(req.into_inner())?).await };
        reply.await.map(|done| pb::CorrectPunchResponse { correction: Some(done.into()) }).answer(&ctx)
    }

    async fn correct_handover(
        &self,
        req: Request<pb::CorrectHandoverRequest>,
    ) -> Result<Response<pb::CorrectHandoverResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::correct::<CorrectHandover>(&self.0, &ctx, &read::handover(req.into_inner())?).await };
        reply.await.map(|done| pb::CorrectHandoverResponse { correction: Some(done.into()) }).answer(&ctx)
    }

    async fn approve_correction(
        &self,
        req: Request<pb::ApproveCorrectionRequest>,
    ) -> Result<Response<pb::ApproveCorrectionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::approve(&self.0, &ctx, &read::approval(req.into_inner())?).await };
        reply.await.map(|done| pb::ApproveCorrectionResponse { correction: Some(done.into()) }).answer(&ctx)
    }

    async fn reject_correction(
        &self,
        req: Request<pb::RejectCorrectionRequest>,
    ) -> Result<Response<pb::RejectCorrectionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let decision = read::rejection(req.into_inner())?;
            app::drop::<RejectCorrection>(&self.0, &ctx, Stage::Rejected, &decision).await
        };
        reply.await.map(|done| pb::RejectCorrectionResponse { correction: Some(done.into()) }).answer(&ctx)
    }

    async fn withdraw_correction(
        &self,
        req: Request<pb::WithdrawCorrectionRequest>,
    ) -> Result<Response<pb::WithdrawCorrectionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let decision = read::withdrawal(req.into_inner())?;
            app::drop::<WithdrawCorrection>(&self.0, &ctx, Stage::Withdrawn, &decision).await
        };
        reply.await.map(|done| pb::WithdrawCorrectionResponse { correction: Some(done.into()) }).answer(&ctx)
    }

    async fn change_shift(
        &self,
        req: Request<pb::ChangeShiftRequest>,
    ) -> Result<Response<pb::ChangeShiftResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::correct::<ChangeShift>(&self.0, &ctx, &read::changed_shift(req.into_inner())?).await };
        reply.await.map(|done| pb::ChangeShiftResponse { correction: Some(done.into()) }).answer(&ctx)
    }

    async fn cancel_shift(
        &self,
        req: Request<pb::CancelShiftRequest>,
    ) -> Result<Response<pb::CancelShiftResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply =
            async { app::correct::<CancelShift>(&self.0, &ctx, &read::cancelled_shift(req.into_inner())?).await };
        reply.await.map(|done| pb::CancelShiftResponse { correction: Some(done.into()) }).answer(&ctx)
    }

    async fn end_alias(&self, req: Request<pb::EndAliasRequest>) -> Result<Response<pb::EndAliasResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::correct::<EndAlias>(&self.0, &ctx, &read::ended_alias(req.into_inner())?).await };
        reply.await.map(|done| pb::EndAliasResponse { correction: Some(done.into()) }).answer(&ctx)
    }

    async fn move_alias(&self, req: Request<pb::MoveAliasRequest>) -> Result<Response<pb::MoveAliasResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::correct::<MoveAlias>(&self.0, &ctx, &read::moved_alias(req.into_inner())?).await };
        reply.await.map(|done| pb::MoveAliasResponse { correction: Some(done.into()) }).answer(&ctx)
    }

    async fn end_device(&self, req: Request<pb::EndDeviceRequest>) -> Result<Response<pb::EndDeviceResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::correct::<EndDevice>(&self.0, &ctx, &read::ended_device(req.into_inner())?).await };
        reply.await.map(|done| pb::EndDeviceResponse { correction: Some(done.into()) }).answer(&ctx)
    }

    async fn move_device(
        &self,
        req: Request<pb::MoveDeviceRequest>,
    ) -> Result<Response<pb::MoveDeviceResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::correct::<MoveDevice>(&self.0, &ctx, &read::moved_device(req.into_inner())?).await };
        reply.await.map(|done| pb::MoveDeviceResponse { correction: Some(done.into()) }).answer(&ctx)
    }

    async fn get_correction(
        &self,
        req: Request<pb::GetCorrectionRequest>,
    ) -> Result<Response<pb::GetCorrectionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::get(&self.0, &ctx, read::id(&req.into_inner().correction_id)?).await };
        reply.await.map(|found| pb::GetCorrectionResponse { correction: Some(found.into()) }).answer(&ctx)
    }

    async fn list_corrections(
        &self,
        req: Request<pb::ListCorrectionsRequest>,
    ) -> Result<Response<pb::ListCorrectionsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let ask = req.into_inner();
            let question = pb::ListCorrectionsRequest { page_size: 0, page_token: String::new(), ..ask.clone() };
            let page = Page::read(ask.page_size, &ask.page_token, &question.encode_to_vec())?;
            let (found, next_page_token) = app::list(&self.0, &ctx, &read::filter(&ask)?, &page).await?;
            let corrections = found.into_iter().map(Into::into).collect();
            Ok(pb::ListCorrectionsResponse { corrections, next_page_token })
        };
        reply.await.answer(&ctx)
    }
}
