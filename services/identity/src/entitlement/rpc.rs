//! `EntitlementService`: parse, call, render.

use std::sync::Arc;

use tally_access::{MODULES, Modules};
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::entitlement_service_server::EntitlementService;
use tally_app::RequestKey;
use tally_kernel::error::Violations;
use tally_kernel::{Error, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use crate::App;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl EntitlementService for Rpc {
    async fn set_modules(
        &self,
        req: Request<pb::SetModulesRequest>,
    ) -> Result<Response<pb::SetModulesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::set(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|consistency_token| pb::SetModulesResponse { consistency_token }).answer(&ctx)
    }

    async fn get_modules(
        &self,
        req: Request<pb::GetModulesRequest>,
    ) -> Result<Response<pb::GetModulesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let modules = app::get(&self.0, &ctx).await;
        modules
            .map(|names| pb::GetModulesResponse { modules: names.into_iter().map(Into::into).collect() })
            .answer(&ctx)
    }
}

impl TryFrom<pb::SetModulesRequest> for app::Set {
    type Error = Error;
    fn try_from(req: pb::SetModulesRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        for (at, name) in req.modules.iter().enumerate().filter(|(_, name)| !MODULES.contains(&name.as_str())) {
            wrong.push(format!("modules[{at}]"), msg!("MODULE_UNKNOWN", name, known = MODULES.join(", ")));
        }
        wrong.finish(Some(()))?;
        // All of them today are these by name: a module that comes with a later version is not given away by it.
        let modules = Modules::Only(req.modules.into_iter().collect());
        Ok(Self { request, modules })
    }
}
