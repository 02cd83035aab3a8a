//! The life of a process: bind the port -> connect stores and build services -> serve -> drain -> end.
//!
//! The port comes first because it fails fastest and cheapest; health says SERVING only when everything is built, and
//! NOT_SERVING before anything is taken down.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tally_cache::Cache;
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::msg;
use tally_rpc::{Guarded, Health, Stack, Tls};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::service::Routes;

use crate::config::{Config, ConfigError};
use crate::{Compute, Shutdown, Task, Trigger};

/// What a service crate builds.
#[derive(Debug)]
pub struct Service {
    /// Its name, such as `attendance`.
    pub name: &'static str,
    /// Its generated servers, each through `tally_rpc::limited!`.
    pub routes: Routes,
    /// Its background work.
    pub background: Vec<Task>,
}

impl Service {
    /// Puts the service behind its stack.
    pub fn mount(self, stack: &Stack) -> Mounted {
        Mounted { guarded: Some(stack.guard(self.routes)), background: self.background }
    }
}

/// A service that is ready to be called.
#[derive(Debug)]
pub struct Mounted {
    /// What the port and in-process channels call; nothing of what has a port of its own, as the gateway does.
    pub guarded: Option<Guarded>,
    /// Its background work, started when the process serves.
    pub background: Vec<Task>,
}

/// What is there before any service is built.
#[derive(Clone, Debug)]
pub struct Boot {
    /// Where the port listens (with the number that was given for port 0).
    pub address: SocketAddr,
    /// The listener of the gateway's port, where the process has one.
    pub http: Option<Arc<TcpListener>>,
    /// Memory or Redis.
    pub cache: Cache,
    /// The pool of heavy work.
    pub compute: Compute,
    /// Tells that the process is ending.
    pub shutdown: Shutdown,
}

/// Services that run: behind a port, or in this process alone.
#[derive(Debug)]
pub struct Running {
    guarded: Vec<Guarded>,
    health: Health,
    background: Vec<JoinHandle<()>>,
    trigger: Trigger,
    port: Option<Port>,
}

#[derive(Debug)]
struct Port {
    close: oneshot::Sender<()>,
    served: JoinHandle<Result<()>>,
}

impl Running {
    /// Starts services: their background work, and the port where a listener is given. `trigger` ends what shares it.
    pub async fn start(
        listener: Option<TcpListener>,
        tls: Option<Tls>,
        services: Vec<Mounted>,
        trigger: Trigger,
    ) -> Self {
        let health = Health::default();
        let (guarded, background): (Vec<_>, Vec<_>) =
            services.into_iter().map(|service| (service.guarded, service.background)).unzip();
        let guarded: Vec<_> = guarded.into_iter().flatten().collect();
        // Before the port answers, so that nobody can be told SERVING too early, nor NOT_SERVING afterwards.
        health.not_serving(&guarded).await;
        let port = listener.map(|listener| {
            let (close, closed) = oneshot::channel::<()>();
            let (services, health) = (guarded.clone(), health.clone());
            let served = tokio::spawn(async move {
                // A dropped sender closes the port too.
                let closed = async move { closed.await.unwrap_or(()) };
                tally_rpc::serve(listener, services, health, tls.as_ref(), closed).await
            });
            Port { close, served }
        });
        let background = background.into_iter().flatten().map(|task| task.start(trigger.shutdown())).collect();
        health.serving(&guarded).await;
        Self { guarded, health, background, trigger, port }
    }

    /// Waits until the port fails by itself: never, when all is well or there is none.
    async fn failed(&mut self) -> Error {
        match &mut self.port {
            None => std::future::pending().await,
            Some(port) => match (&mut port.served).await {
                Ok(Ok(())) => Error::internal("the port closed by itself"),
                Ok(Err(error)) => error,
                Err(panic) => Error::internal(panic),
            },
        }
    }

    /// Ends: NOT_SERVING for `grace`, then no new connections and no new background work, then at most `drain` for
    /// what is under way. Says whether all of it ended.
    pub async fn stop(self, grace: Duration, drain: Duration) -> bool {
        self.health.not_serving(&self.guarded).await;
        tokio::time::sleep(grace).await;
        self.trigger.pull();
        let ended = async {
            if let Some(port) = self.port {
                // The port may have failed already; then there is nothing to close.
                let _closed = port.close.send(());
                let _served = port.served.await;
            }
            join_all(self.background).await;
        };
        tokio::time::timeout(drain, ended).await.is_ok()
    }
}

/// Why a process could not start or go on.
#[derive(Debug)]
pub enum Failure {
    /// A setting is wrong: exit with [`crate::EXIT_CONFIG`].
    Config(ConfigError),
    /// Something else.
    Error(Error),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Error(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

/// Runs a process until `stop` (in production [`stop_signal`]) and drains it. `build` connects stores and builds
/// services; `ready` is told the address, and that of the gateway, once calls are welcome.
///
/// # Errors
/// A setting that cannot hold, a port that is taken, or whatever `build` could not do.
pub async fn run<B, F>(
    config: &Config,
    build: B,
    ready: impl FnOnce(SocketAddr, Option<SocketAddr>),
    stop: impl Future<Output = ()>,
) -> Result<(), Failure>
where
    B: FnOnce(Boot) -> F,
    F: Future<Output = Result<Vec<Mounted>, Failure>>,
{
    config.validate_peers()?;
    let listener = bind(config.server.listen).await?;
    let http = if config.has_gateway() { Some(Arc::new(bind_http(config.server.http).await?)) } else { None };
    let tls = config.tls()?;
    if let Some(tls) = &tls {
        config.warn_of_end(tls);
    }
    let trigger = Trigger::new();
    let boot = Boot {
        address: listener.local_addr().map_err(Error::internal)?,
        http: http.clone(),
        cache: cache(config)?,
        compute: Compute::new(config.compute.threads)?,
        shutdown: trigger.shutdown(),
    };
    let (address, http) = (boot.address, http.map(|http| http.local_addr().map_err(Error::internal)).transpose()?);
    let services = build(boot).await?;
    let mut running = Running::start(Some(listener), tls, services, trigger).await;
    tracing::info!(%address, "serving");
    ready(address, http);
    let failed = tokio::select! {
        () = stop => None,
        error = running.failed() => Some(error),
    };
    if let Some(error) = failed {
        running.port = None;
        running.stop(Duration::ZERO, Duration::from_secs(config.server.drain_seconds)).await;
        return Err(error.into());
    }
    tracing::info!("draining");
    let server = &config.server;
    if !running.stop(Duration::from_secs(server.grace_seconds), Duration::from_secs(server.drain_seconds)).await {
        tracing::warn!("some calls or background work did not end in time");
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    let taken = |e| Error::of(Kind::Unavailable, msg!("PORT_TAKEN", address, cause = tally_i18n::io(&e)));
    TcpListener::bind(address).await.map_err(taken)
}

async fn bind_http(address: SocketAddr) -> Result<TcpListener> {
    let taken = |e| Error::of(Kind::Unavailable, msg!("HTTP_PORT_TAKEN", address, cause = tally_i18n::io(&e)));
    TcpListener::bind(address).await.map_err(taken)
}

fn cache(config: &Config) -> Result<Cache, ConfigError> {
    let url = config.redis.url.reveal();
    if url.is_empty() {
        return Ok(Cache::memory());
    }
    let patience = Duration::from_millis(config.redis.patience_milliseconds);
    // The driver's words may hold the password.
    Cache::redis(url, patience).map_err(|_| ConfigError { key: "redis.url".into(), message: msg!("SETTING_REDIS_URL") })
}

/// Waits for SIGTERM or Ctrl-C; a second one then ends the process at once.
pub async fn stop_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be heard: only SIGKILL will stop this process");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // The second signal: whoever sends it does not want to wait for the drain.
        std::process::exit(130);
    });
}
