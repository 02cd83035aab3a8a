//! A service that does whatever the request says, and both channels to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tally_access::{Permission, Reach};
use tally_api::attendance::v1::occupancy_service_server::{OccupancyService, OccupancyServiceServer};
use tally_api::attendance::v1::{ListOccupancyRequest, ListOccupancyResponse};
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_api::identity::v1::session_service_server::{SessionService, SessionServiceServer};
use tally_api::identity::v1::*;
use tally_kernel::error::{Error, Kind, Violation};
use tally_kernel::id::{PersonId, TenantId};
use tally_kernel::msg;
use tally_rpc::{Answer, Guarded, Health, Limits, Peer, RpcChannel, connect, context, in_process, limited, status};
use tally_testkit::callers::Caller;
use tally_testkit::{Callers, clock, listener};
use tokio::sync::Notify;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

pub mod policy {
    tally_access::rpcs! {
        SignIn = "tally.identity.v1.SessionService/SignIn", public, Change;
        GetJwks = "tally.identity.v1.SessionService/GetJwks", public, Read;
        CreateLogin = "tally.identity.v1.SessionService/CreateLogin", LoginWrite, Change;
        ListOccupancy = "tally.attendance.v1.OccupancyService/ListOccupancy", OccupancyRead, Read;
    }
}

#[derive(Clone)]
pub struct Probe {
    pub callers: Callers,
    pub gate: Arc<Notify>,
    pub next: Option<Peer>,
    /// Which of several it is.
    pub name: &'static str,
}

#[tonic::async_trait]
impl SessionService for Probe {
    async fn sign_in(&self, request: Request<SignInRequest>) -> Result<Response<SignInResponse>, Status> {
        let ctx = context(&request)?;
        Ok(SignInResponse { principal_id: format!("{:?}", ctx.actor.kind), ..Default::default() }).answer(&ctx)
    }

    async fn refresh_session(
        &self,
        _: Request<RefreshSessionRequest>,
    ) -> Result<Response<RefreshSessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_sessions(&self, _: Request<ListSessionsRequest>) -> Result<Response<ListSessionsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn end_session(&self, _: Request<EndSessionRequest>) -> Result<Response<EndSessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn end_all_sessions(
        &self,
        _: Request<EndAllSessionsRequest>,
    ) -> Result<Response<EndAllSessionsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_jwks(&self, request: Request<GetJwksRequest>) -> Result<Response<GetJwksResponse>, Status> {
        let ctx = context(&request)?;
        self.gate.notify_waiters();
        Ok(GetJwksResponse { jwks_json: self.callers.keys.all().to_json() }).answer(&ctx)
    }

    async fn create_login(
        &self,
        request: Request<CreateLoginRequest>,
    ) -> Result<Response<CreateLoginResponse>, Status> {
        let ctx = context(&request)?;
        let what = request.into_inner().login;
        let reply = async {
            match what.as_str() {
                "who" => Ok(format!("{:?}", ctx.actor)),
                "budget" => Ok(left(ctx.deadline)),
                "trace" => Ok(ctx.trace.clone().unwrap_or_default()),
                "consistency" => Ok(ctx.consistency.clone().unwrap_or_default()),
                "panic" => panic!("as asked"),
                "hang" => std::future::pending().await,
                "wait" => {
                    self.gate.notified().await;
                    Ok(String::new())
                }
                "big" => Ok("x".repeat(tally_rpc::MAX_MESSAGE_BYTES + 1)),
                "name" => Ok(self.name.to_owned()),
                "not here" if self.name == "a" => {
                    self.gate.notify_one();
                    std::future::pending().await
                }
                "not here" => Ok(self.name.to_owned()),
                "next" => self.ask_next(&ctx, "who", false).await,
                "next-as-service" => self.ask_next(&ctx, "who", true).await,
                "next-consistency" => self.ask_next(&ctx, "consistency", false).await,
                "next-budget" => self.ask_next(&ctx, "budget", false).await,
                "next-error" => self.ask_next(&ctx, "precondition", false).await,
                other => failing(other),
            }
        };
        reply.await.map(|principal_id| CreateLoginResponse { principal_id, ..Default::default() }).answer(&ctx)
    }
}

impl Probe {
    fn routes(&self) -> Routes {
        Routes::new(limited!(SessionServiceServer::new(self.clone())))
            .add_service(limited!(OccupancyServiceServer::new(self.clone())))
    }

    async fn ask_next(&self, ctx: &tally_access::OpContext, what: &str, own: bool) -> tally_kernel::Result<String> {
        let next = self.next.as_ref().ok_or_else(|| Error::internal("there is no next"))?;
        let message = CreateLoginRequest { login: what.into(), ..Default::default() };
        let request = if own { next.as_service(ctx, message) } else { next.request(ctx, message) };
        let reply = SessionServiceClient::new(next.channel()).create_login(request).await;
        Ok(reply.map_err(tally_rpc::error_from)?.into_inner().principal_id)
    }
}

fn left(deadline: Option<Instant>) -> String {
    deadline.map_or("none".into(), |at| at.saturating_duration_since(Instant::now()).as_millis().to_string())
}

fn failing(what: &str) -> tally_kernel::Result<String> {
    Err(match what {
        "violations" => Error::invalid(vec![
            Violation { field: "login".into(), message: msg!("LOGIN_TAKEN") },
            Violation { field: "password".into(), message: msg!("PASSWORD_UNUSABLE") },
        ]),
        "precondition" => Error::of(Kind::FailedPrecondition, msg!("NOTHING_CHANGES"))
            .with("resource", "cycle")
            .with("cycle", 7)
            .with("since", "2026-03-01"),
        "notfound" => Error::not_found("cycle", 7),
        "busy" => Error::of(Kind::Unavailable, msg!("STORE_BUSY")).retry_after(Duration::from_millis(300)),
        "aborted" => Error::of(Kind::Aborted, msg!("STALE")),
        _ => Error::internal("secret text of a driver"),
    })
}

#[tonic::async_trait]
impl OccupancyService for Probe {
    type ListOccupancyStream = BoxStream<'static, Result<ListOccupancyResponse, Status>>;

    async fn list_occupancy(
        &self,
        request: Request<ListOccupancyRequest>,
    ) -> Result<Response<Self::ListOccupancyStream>, Status> {
        let ctx = context(&request)?;
        let what = request.into_inner().account_ids.concat();
        let (gate, name) = (Arc::clone(&self.gate), self.name);
        let first = stream::once(async { Ok(ListOccupancyResponse::default()) });
        let rest = stream::once(async move {
            match what.as_str() {
                "panic" => {
                    // What was said before goes out first.
                    tokio::task::yield_now().await;
                    panic!("in the middle of a stream")
                }
                "hang" => std::future::pending().await,
                "wait" => gate.notified().await,
                "not here" if name == "a" => {
                    // What was said before goes out first.
                    tokio::task::yield_now().await;
                    gate.notify_one();
                    std::future::pending().await
                }
                "busy" => {
                    tokio::task::yield_now().await;
                    return failing("busy").map(|_| Default::default()).map_err(|e| status(e, ctx.locale));
                }
                "error" => {
                    return failing("precondition").map(|_| Default::default()).map_err(|e| status(e, ctx.locale));
                }
                _ => {}
            }
            Ok(ListOccupancyResponse::default())
        });
        Ok(Response::new(first.chain(rest).boxed()))
    }
}

/// One probe, somebody who may call it, and the ways to it.
pub struct Bench {
    pub callers: Callers,
    pub caller: Caller,
    pub gate: Arc<Notify>,
    pub guarded: Guarded,
    probe: Probe,
}

impl Bench {
    pub fn new(limits: Limits, next: Option<Peer>) -> Self {
        Self::of(Callers::new(clock("2026-03-02T08:00:00Z"), 1), limits, next)
    }

    pub fn of(callers: Callers, limits: Limits, next: Option<Peer>) -> Self {
        Self::named("", callers, limits, next)
    }

    /// One of several.
    pub fn named(name: &'static str, callers: Callers, limits: Limits, next: Option<Peer>) -> Self {
        let gate = Arc::new(Notify::new());
        let probe = Probe { callers: callers.clone(), gate: Arc::clone(&gate), next, name };
        let caller = callers.person(
            TenantId(Uuid::from_u128(1)),
            Some(PersonId(Uuid::from_u128(2))),
            [(Permission::LoginWrite, Reach::everything()), (Permission::OccupancyRead, Reach::everything())],
        );
        let guarded = callers.stack("probe", policy::POLICY, limits).guard(probe.routes());
        Self { callers, caller, gate, guarded, probe }
    }

    /// The probe without a stack.
    pub fn routes(&self) -> Routes {
        self.probe.routes()
    }

    /// The address of a port that serves the probe until the test ends.
    pub async fn serve(&self) -> std::net::SocketAddr {
        let (listener, address) = listener().await;
        let (services, health) = (vec![self.guarded.clone()], Health::default());
        tokio::spawn(async move { tally_rpc::serve(listener, services, health, None, std::future::pending()).await });
        address
    }

    /// The same probe through both channels.
    pub async fn both(&self) -> [(&'static str, RpcChannel); 2] {
        let network = connect(&format!("http://{}", self.serve().await), None).unwrap();
        [("in process", in_process(&self.guarded)), ("network", network)]
    }

    pub fn ask(&self, what: &str) -> Request<CreateLoginRequest> {
        self.caller.request(CreateLoginRequest { login: what.into(), ..Default::default() })
    }

    pub fn watch(&self, what: &str) -> Request<ListOccupancyRequest> {
        self.caller.request(ListOccupancyRequest { account_ids: vec![what.into()], ..Default::default() })
    }
}

/// What the probe says.
pub async fn say(channel: &RpcChannel, request: Request<CreateLoginRequest>) -> Result<String, Status> {
    let reply = SessionServiceClient::new(channel.clone()).create_login(request).await?;
    Ok(reply.into_inner().principal_id)
}

pub fn reason(status: Status) -> &'static str {
    tally_rpc::error_from(status).reason()
}
