//! Suites made of real processes, as a user starts them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tally_access::{Actor, OpContext, compile_service};
use tally_kernel::{Clock, Rng};
use tally_rpc::RpcChannel;
use tally_store::{Keys, Store, StoreConfig};
use tally_suite::session::{Channels, channels_at};
use tally_suite::suite::SERVICES;
use tally_testkit::databases::{Backend, database_on};
use tally_testkit::postgres::{Database, Server};
use tally_testkit::redis::Redis;
use tally_testkit::{NEVER, free_port};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tonic::body::Body;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceExt as _;

use crate::journey::Done;
use crate::lists;

/// A running suite; its processes end when it is dropped.
pub struct Stack {
    /// Which one, for messages.
    pub name: &'static str,
    /// Ways to the services.
    pub channels: Channels,
    /// Where the keys are; beside them, on SQLite, the data.
    pub folder: TempDir,
    processes: Vec<Child>,
    /// What each process was started with: its name, where it listens, its arguments.
    started: Vec<(&'static str, SocketAddr, Vec<&'static str>)>,
    settings: Vec<(&'static str, String)>,
    /// The database, where it is PostgreSQL.
    pub database: Option<Database>,
    /// Redis, where there is one.
    pub redis: Option<Redis>,
    /// Which rpcs were called through `channels`.
    pub called: Called,
}

/// Which rpcs were called, `package.Service/Method`.
#[derive(Clone, Default)]
pub struct Called(Arc<Mutex<Calls>>);

#[derive(Default)]
pub struct Calls {
    /// Before the journey.
    pub before: BTreeSet<String>,
    /// By the journey.
    pub now: BTreeSet<String>,
}

impl Called {
    /// The same way, watched.
    fn on(&self, channel: RpcChannel) -> RpcChannel {
        let called = self.clone();
        RpcChannel::new(channel.map_request(move |request: http::Request<Body>| {
            called.all().now.insert(request.uri().path().trim_start_matches('/').to_owned());
            request
        }))
    }

    fn all(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journey begins now.
    pub fn begin(&self) {
        let mut calls = self.all();
        calls.before = std::mem::take(&mut calls.now);
    }
}

/// The program as `./test` and `cargo nextest` build it, beside the folder of test binaries.
pub fn program() -> PathBuf {
    let here = std::env::current_exe().expect("the test's own path");
    let program = here.parent().and_then(Path::parent).expect("target/debug").join("tally");
    assert!(program.is_file(), "{} is missing: run `cargo build -p tally` first, as ./test does", program.display());
    program
}

impl Stack {
    /// One process on SQLite, or five on PostgreSQL and Redis.
    pub async fn on(backend: Backend) -> Self {
        Self::with(backend, &[]).await
    }

    /// The same, with settings of its own.
    pub async fn with(backend: Backend, own: &[(&'static str, &str)]) -> Self {
        match backend {
            Backend::Sqlite => Self::one("info", None, TempDir::new().expect("a temporary folder"), own).await,
            Backend::Postgres => Self::five("info", None, None, own).await,
        }
    }

    /// Everything in one process, on SQLite and memory.
    pub async fn one_process(otlp: Option<&str>) -> Self {
        Self::one_process_logging("info", otlp).await
    }

    /// The same, with other levels of its log.
    pub async fn one_process_logging(log: &str, otlp: Option<&str>) -> Self {
        Self::one(log, otlp, TempDir::new().expect("a temporary folder"), &[]).await
    }

    /// Everything in one process that serves a region and has the signing keys of another stack.
    pub async fn with_keys_of(other: &Self, region: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let keys = folder.path().join("keys");
        std::fs::create_dir(&keys).expect("a folder");
        for part in SERVICES {
            for ending in ["key", "pub"] {
                let name = format!("{}.{ending}", part.name);
                std::fs::copy(other.folder.path().join("keys").join(&name), keys.join(&name)).expect("a copied key");
            }
        }
        Self::one("info", None, folder, &[("TALLY_SERVER_REGIONS", region)]).await
    }

    async fn one(log: &str, otlp: Option<&str>, folder: TempDir, own: &[(&'static str, &str)]) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let url = format!("sqlite://{}/{{service}}.db", folder.path().join("data").display());
        let mut settings = vec![("TALLY_DATABASE_URL", url)];
        settings.extend(own.iter().map(|(setting, value)| (*setting, (*value).to_owned())));
        let mut process = start(folder.path(), "all", address, &[], &logging(&settings, log), otlp);
        let channel = channels_at(&format!("http://{address}")).expect("an address").identity;
        started(&channel, &mut process, &folder.path().join("all.log")).await;
        let called = Called::default();
        let channels = channels([(); 5].map(|()| called.on(channel.clone())));
        let (name, processes) = ("one process on SQLite", vec![process]);
        let started = vec![("all", address, Vec::new())];
        Self { name, channels, folder, processes, started, settings, database: None, redis: None, called }
    }

    /// A process for each service, on PostgreSQL and Redis.
    pub async fn five_processes(otlp: Option<&str>) -> Self {
        Self::five_processes_logging("info", otlp).await
    }

    /// The same, with other levels of their logs.
    pub async fn five_processes_logging(log: &str, otlp: Option<&str>) -> Self {
        Self::five(log, otlp, None, &[]).await
    }

    /// The same for one region, on a PostgreSQL of its own.
    pub async fn of_region(region: &str, otlp: &str) -> Self {
        Self::five("info", Some(otlp), Some(region), &[]).await
    }

    async fn five(log: &str, otlp: Option<&str>, region: Option<&str>, own: &[(&'static str, &str)]) -> Self {
        let server = region.map_or_else(Server::shared, Server::of_its_own);
        let folder = TempDir::new().expect("a temporary folder");
        let services: Vec<_> = SERVICES.iter().map(|part| (part.name, part.migrations)).collect();
        let (database, redis) = (database_on(server, &services).await, Redis::start());
        let address = |_| SocketAddr::from(([127, 0, 0, 1], free_port()));
        let addresses: Vec<(&'static str, SocketAddr)> =
            SERVICES.iter().map(|part| (part.name, address(part.name))).collect();
        let mut settings =
            vec![("TALLY_DATABASE_URL", database.url("tally_{service}")), ("TALLY_REDIS_URL", redis.url())];
        settings.extend(region.map(|region| ("TALLY_SERVER_REGIONS", region.to_owned())));
        settings.extend(own.iter().map(|(setting, value)| (*setting, (*value).to_owned())));
        let names = [
            "TALLY_PEERS_IDENTITY",
            "TALLY_PEERS_ATTENDANCE",
            "TALLY_PEERS_PERFORMANCE",
            "TALLY_PEERS_COMPENSATION",
            "TALLY_PEERS_TALENT",
        ];
        settings.extend(names.into_iter().zip(&addresses).map(|(name, (_, at))| (name, format!("http://{at}"))));
        let mut processes = Vec::new();
        let (called, mut ways) = (Called::default(), Vec::new());
        for (name, at) in &addresses {
            let mut process = start(folder.path(), name, *at, &["--services", name], &logging(&settings, log), otlp);
            let channel = tally_rpc::connect(&format!("http://{at}"), None).expect("an address");
            // One after the other: the first makes the key that seals pay.
            started(&channel, &mut process, &folder.path().join(format!("{name}.log"))).await;
            ways.push(called.on(channel));
            processes.push(process);
        }
        let channels = channels(ways.try_into().expect("a channel for each service"));
        let name = "five processes on PostgreSQL and Redis";
        let started = addresses.into_iter().map(|(name, at)| (name, at, vec!["--services", name])).collect();
        let (database, redis) = (Some(database), Some(redis));
        Self { name, channels, folder, processes, started, settings, database, redis, called }
    }

    /// Where the gateway answers: of the one process, or a process of its own that is started beside the others.
    pub async fn gateway(&mut self) -> SocketAddr {
        let name = if self.processes.len() > 1 { "gateway" } else { "all" };
        if name == "gateway" {
            let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let args = ["--services", name];
            let mut process = start(self.folder.path(), name, at, &args, &self.settings, None);
            let channel = tally_rpc::connect(&format!("http://{at}"), None).expect("an address");
            started(&channel, &mut process, &self.folder.path().join("gateway.log")).await;
            self.processes.push(process);
            self.started.push((name, at, args.to_vec()));
        }
        let out = self.folder.path().join(format!("{name}.out"));
        let says = tally_testkit::eventually("the gateway's address is said", async || {
            let said = std::fs::read_to_string(&out).unwrap_or_default();
            let at = said.split_once("the gateway is at http://")?.1.split_once(',')?.0.to_owned();
            Some(at)
        });
        says.await.parse().expect("an address")
    }

    /// A command line with the settings of the processes.
    pub fn tally(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(args).env_clear().envs(self.settings.iter().map(|(key, value)| (key, value)));
        command.env("TALLY_KEYS_DIRECTORY", self.folder.path().join("keys")).kill_on_drop(true);
        // Several processes are found by the peers of the settings.
        if let [(_, address, _)] = self.started.as_slice() {
            command.env("TALLY_CLIENT_SERVER", format!("http://{address}"));
        }
        command
    }

    /// All that the databases hold: the bytes of the SQLite files, or what `pg_dump` writes.
    pub fn dump(&self) -> Vec<u8> {
        if let Some(database) = &self.database {
            return database.dump().expect("a dump").into_bytes();
        }
        let files = std::fs::read_dir(self.folder.path().join("data")).expect("the data");
        let files = files.map(|file| file.expect("a file").path()).filter(|path| path.is_file());
        files.flat_map(|path| std::fs::read(path).expect("its bytes")).collect()
    }

    /// Kills the process of a service, or the one that holds all.
    pub async fn kill(&mut self, name: &str) {
        let n = self.started.iter().position(|started| started.0 == name).expect("a process of this name");
        self.processes[n].kill().await.expect("it is killed");
    }

    /// Starts again what was killed or stopped.
    pub async fn start_again(&mut self, name: &str) {
        let n = self.started.iter().position(|started| started.0 == name).expect("a process of this name");
        let (name, address, args) = &self.started[n];
        let mut process = start(self.folder.path(), name, *address, args, &self.settings, None);
        let channel = tally_rpc::connect(&format!("http://{address}"), None).expect("an address");
        started(&channel, &mut process, &self.folder.path().join(format!("{name}.log"))).await;
        if n < self.processes.len() {
            self.processes[n] = process;
        } else {
            self.processes.push(process);
        }
    }

    /// Asks the processes to end as an operator does, and waits until they have.
    pub async fn stop(&mut self) {
        for process in &mut self.processes {
            let id = process.id().expect("a running process").to_string();
            let asked = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill");
            assert!(asked.success());
            let ended = process.wait().await.expect("the end of a process");
            assert!(
                ended.success(),
                "{}: a process ended with {ended}; its log is in {}",
                self.name,
                self.folder.path().display()
            );
        }
        self.processes.clear();
    }

    /// The end of a journey: the processes end, their audit logs are intact, and what was called and what of it stands there
    /// is as committed.
    pub async fn end(&mut self, done: &Done, journey: &str) {
        self.stop().await;
        let keys = Keys::open(&self.folder.path().join("keys").join("seal.key"), None).expect("the key file");
        let (_, url) = self.settings.iter().find(|(name, _)| *name == "TALLY_DATABASE_URL").expect("a database");
        let mut audited = BTreeSet::new();
        for part in SERVICES {
            let config = StoreConfig::new(url.clone(), part.name, keys.clone());
            let store = Store::open(config, part.migrations).await.expect("a store");
            let report = store.verify_audit().await.expect("a report");
            assert!(report.ok(), "{}: {}: {:?}", self.name, part.name, report.faults);
            let view = Arc::new(compile_service(part.name, 0));
            let ctx = OpContext::new(Actor::service(part.name, done.tenant, None), view, Clock::System, Rng::System);
            let tx = store.read(&ctx).await.expect("a transaction");
            let log = tx.audit_log(1_000_000).await.expect("the log");
            audited.extend(log.into_iter().map(|(_, entry)| entry.method));
        }
        lists::check_journey(journey, &self.called.all(), &audited);
    }
}

fn channels([identity, attendance, performance, compensation, talent]: [RpcChannel; 5]) -> Channels {
    Channels { identity, attendance, performance, compensation, talent }
}

/// The settings of a process that serves: commands keep the levels that they have without.
fn logging(settings: &[(&'static str, String)], log: &str) -> Vec<(&'static str, String)> {
    [settings, &[("TALLY_TELEMETRY_LOG", log.to_owned())]].concat()
}

fn start(
    folder: &Path,
    name: &str,
    address: SocketAddr,
    args: &[&str],
    settings: &[(&str, String)],
    otlp: Option<&str>,
) -> Child {
    let file = |ending| std::fs::File::create(folder.join(format!("{name}.{ending}"))).expect("a file for its output");
    let (log, out) = (file("log"), file("out"));
    let mut command = Command::new(program());
    command.arg("serve").args(args).args(["--listen", &address.to_string(), "--http", "127.0.0.1:0"]);
    command.env_clear().envs(settings.iter().map(|(key, value)| (key, value)));
    command.env("TALLY_KEYS_DIRECTORY", folder.join("keys"));
    if let Some(endpoint) = otlp {
        command.env("TALLY_TELEMETRY_OTLP_ENDPOINT", endpoint).env("TALLY_TELEMETRY_METRICS_SECONDS", "1");
    }
    command.stdin(Stdio::null()).stdout(out).stderr(log).kill_on_drop(true);
    command.spawn().expect("the program starts")
}

/// Waits until this very process serves: at a port that was free a moment ago another test's may answer, and knows nobody.
async fn started(channel: &tally_rpc::RpcChannel, process: &mut Child, log: &Path) {
    let says = || std::fs::read_to_string(log.with_extension("out")).unwrap_or_default();
    let said = tokio::time::timeout(NEVER, async {
        while !says().starts_with("serving ") && process.try_wait().expect("the state of a process").is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    // What becomes of a process that ended, or says nothing, is told below.
    said.await.unwrap_or_default();
    serving(channel, process, log).await;
}

pub async fn serving(channel: &tally_rpc::RpcChannel, process: &mut Child, log: &Path) {
    let mut last = String::new();
    let served = tokio::time::timeout(NEVER, async {
        loop {
            if let Some(ended) = process.try_wait().expect("the state of a process") {
                last = format!("ended with {ended}");
                return false;
            }
            let mut health = HealthClient::new(channel.clone());
            match health.check(HealthCheckRequest { service: String::new() }).await {
                Ok(reply) if reply.get_ref().status() == ServingStatus::Serving => return true,
                other => last = format!("{other:?}"),
            }
            tokio::task::yield_now().await;
        }
    });
    let served = served.await.unwrap_or(false);
    assert!(served, "{last}; the log says: {}", std::fs::read_to_string(log).unwrap_or_default());
}
