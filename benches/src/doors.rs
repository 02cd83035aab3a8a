//! What the gateway adds to the call that it wraps: the same rpcs by gRPC and by REST, in turns, one call at a time, each over a
//! loopback socket of its own to the same process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_api::identity::v1::tenant_service_client::TenantServiceClient;
use tally_rpc::bearer;
use tally_runtime::{Boot, Compute, Config, Running, Sources, Trigger};
use tally_suite::suite::{self, Ambient};
use tokio::net::{TcpListener, TcpStream};
use tonic::Request;
use tonic::transport::Channel;

/// The administrator's password.
const PASSWORD: &str = "correct horse battery";
/// Units of the tree, which is one page.
const UNITS: usize = 50;

/// What was measured of one rpc, microseconds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pair {
    /// Which, and how much it answers.
    pub what: String,
    /// Half of the calls by gRPC took at most so long.
    pub grpc: f64,
    /// Of those by REST.
    pub rest: f64,
    /// Half of the pairs differ by at most so much.
    pub adds: f64,
    /// All but one of a hundred.
    pub adds_p99: f64,
}

/// Calls each rpc so many times in both ways.
#[expect(clippy::disallowed_methods, reason = "as a caller of other people's connects: without the layers of ours")]
#[tokio::main]
pub async fn measure(pairs: usize) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let (running, grpc, rest) = serve(folder.path()).await?;
    let channel = Channel::builder(format!("http://{grpc}").parse()?).connect().await?;
    let token = sign_in(&channel).await?;
    let io = TokioIo::new(TcpStream::connect(rest).await?);
    let (sender, connection) = handshake(io).await?;
    tokio::spawn(connection);
    let mut both = Both { units: OrgServiceClient::new(channel), sender, token };
    both.plant().await?;
    let measured = [both.compare(pairs, 1).await?, both.compare(pairs, UNITS).await?];
    running.stop(std::time::Duration::ZERO, std::time::Duration::from_secs(5)).await;
    Ok(serde_json::to_string(&measured)?)
}

/// The suite in one process, as `tally serve` has it.
async fn serve(folder: &std::path::Path) -> Result<(Running, SocketAddr, SocketAddr)> {
    let url = format!("sqlite://{}/{{service}}.db", folder.display());
    let flags = vec![("database.url".to_owned(), url)];
    let config = Config::load(&Sources { flags, ..Sources::default() })?;
    let (grpc, http) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    let addresses = (grpc.local_addr()?, http.local_addr()?);
    let trigger = Trigger::new();
    let boot = Boot {
        address: addresses.0,
        http: Some(Arc::new(http)),
        cache: tally_cache::Cache::memory(),
        compute: Compute::new(1)?,
        shutdown: trigger.shutdown(),
    };
    let suite = suite::build(&config, &boot, &Ambient::default()).await?;
    let running = Running::start(Some(grpc), None, suite.mounted, trigger).await;
    Ok((running, addresses.0, addresses.1))
}

async fn sign_in(channel: &Channel) -> Result<String> {
    let found = pb::InitTenantRequest {
        request_id: "init".into(),
        name: "Bench".into(),
        currency: "CNY".into(),
        zone: "Asia/Shanghai".into(),
        regions: vec!["local".into()],
        admin_login: "admin".into(),
        admin_password: PASSWORD.into(),
        ..Default::default()
    };
    TenantServiceClient::new(channel.clone()).init_tenant(found).await?;
    let ask = pb::SignInRequest { login: "admin".into(), password: PASSWORD.into(), ..Default::default() };
    Ok(SessionServiceClient::new(channel.clone()).sign_in(ask).await?.into_inner().access_token)
}

/// Both ways to the suite, of one caller.
struct Both {
    units: OrgServiceClient<Channel>,
    sender: SendRequest<Full<Bytes>>,
    token: String,
}

impl Both {
    /// Makes the units that are listed.
    async fn plant(&mut self) -> Result<()> {
        let row = |n| pb::OrgUnitRow {
            path: format!("Branch {n}"),
            kind: pb::OrgUnitKind::Branch.into(),
            region: "local".into(),
            valid_from: "2026-01-01".into(),
        };
        let rows = (1..UNITS).map(row).collect();
        let mut ask = Request::new(pb::ImportOrgUnitsRequest { request_id: "units".into(), rows });
        bearer(&mut ask, &self.token);
        let done = self.units.import_org_units(ask).await?.into_inner().result;
        ensure!(done.as_ref().is_some_and(|result| result.problems.is_empty()), "{done:?}");
        Ok(())
    }

    async fn compare(&mut self, pairs: usize, page_size: usize) -> Result<Pair> {
        let (mut grpc, mut rest, mut adds) = (Vec::new(), Vec::new(), Vec::new());
        let mut bytes = 0;
        // A tenth more, of which the first do not count.
        for n in 0..pairs + pairs / 10 {
            let (mut by_grpc, mut by_rest) = (0.0, 0.0);
            for way in [n % 2, 1 - n % 2] {
                let begin = Instant::now();
                let told = if way == 0 { self.grpc(page_size).await? } else { self.rest(page_size).await? };
                let took = begin.elapsed().as_secs_f64() * 1e6;
                if way == 0 {
                    ensure!(told == page_size, "{told} units of {page_size}");
                    by_grpc = took;
                } else {
                    bytes = told;
                    by_rest = took;
                }
            }
            if n >= pairs / 10 {
                grpc.push(by_grpc);
                rest.push(by_rest);
                adds.push(by_rest - by_grpc);
            }
        }
        let what = format!("ListOrgUnits, {page_size} of them: {bytes} bytes of JSON");
        let (grpc, rest) = (at(&mut grpc, 50), at(&mut rest, 50));
        Ok(Pair { what, grpc, rest, adds: at(&mut adds, 50), adds_p99: at(&mut adds, 99) })
    }

    /// How many units are listed.
    async fn grpc(&mut self, page_size: usize) -> Result<usize> {
        let page_size = u32::try_from(page_size)?;
        let mut ask = Request::new(pb::ListOrgUnitsRequest { page_size, ..Default::default() });
        bearer(&mut ask, &self.token);
        Ok(self.units.list_org_units(ask).await?.into_inner().units.len())
    }

    /// How many bytes the list has.
    async fn rest(&mut self, page_size: usize) -> Result<usize> {
        let ask = hyper::Request::get(format!("/v1/orgUnits?pageSize={page_size}")).header("host", "127.0.0.1");
        let ask = ask.header("authorization", format!("Bearer {}", self.token)).body(Full::new(Bytes::new()))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(ask).await?;
        ensure!(answer.status() == 200, "{answer:?}");
        let told = answer.into_body().collect().await?.to_bytes();
        ensure!(told.starts_with(b"{\"units\":["), "a list of units");
        Ok(told.len())
    }
}

/// What so many of a hundred are at most.
fn at(all: &mut [f64], percent: usize) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() * percent / 100).copied().unwrap_or(f64::NAN)
}
