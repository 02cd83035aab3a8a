//! The suite that a job runs in: services, users, and a folder that goes away with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use tally_bundle::Bundle;
use tally_kernel::{Clock, Rng};
use tally_runtime::{Boot, Compute, Config, Running, Sources, Trigger};
use tally_store::{OwnerUrl, Store};
use tokio::net::TcpListener;

use super::crew::Crew;
use super::summary::UTC_FORM;
use crate::said::no_temporary;
use crate::suite::{self, Ambient, SERVICES};

/// What a user wrote the URL of the database into.
const DATABASE_FLAG: &str = "--database (CLOSE_DATABASE_URL)";

/// Where the suite keeps its data.
#[derive(Clone, Debug)]
pub enum Place {
    /// SQLite files in this folder.
    Folder(PathBuf),
    /// An empty PostgreSQL database: the owner's URL.
    Postgres(String),
}

impl Place {
    /// Where another attempt begins: beside the files of those before it, which may not be closed yet.
    pub(super) fn of_attempt(&self, attempt: u32) -> Self {
        match self {
            Self::Folder(folder) if attempt > 0 => Self::Folder(folder.join(attempt.to_string())),
            Self::Folder(_) | Self::Postgres(_) => self.clone(),
        }
    }
}

/// A running suite with the people who do the job in it.
pub struct Home {
    /// Who does it.
    pub crew: Crew,
    /// The services' stores.
    pub stores: Vec<Store>,
    /// The suite's clock; it stands until it is advanced.
    pub clock: Clock,
    running: Running,
    keys: tempfile::TempDir,
}

/// Where a suite can be called from outside, if at all.
#[derive(Debug, Default)]
pub struct Ports {
    /// Its services.
    pub grpc: Option<TcpListener>,
    /// Its gateway.
    pub http: Option<TcpListener>,
}

impl Home {
    /// Starts the suite, makes the bundle's group in it and signs everybody in with `password`. Its clock stands at `now`,
    /// so that nothing that is computed depends on the day; with ports it can be called from outside too. What suites of
    /// the form's time took is taken.
    pub async fn start(
        place: &Place,
        bundle: &Bundle,
        now: Timestamp,
        password: &str,
        (ports, form): (Ports, u32),
    ) -> Result<Self> {
        if let Place::Postgres(owner) = place {
            let services = SERVICES.map(|part| part.name);
            Store::refuse_used(OwnerUrl { url: owner, setting: Some(DATABASE_FLAG) }, &services).await?;
        }
        let keys = tempfile::tempdir().map_err(no_temporary)?;
        let config = settings(place, keys.path())?;
        if let Place::Postgres(owner) = place {
            let owner = OwnerUrl { url: owner, setting: Some(DATABASE_FLAG) };
            for part in SERVICES {
                Store::migrate(owner, part.name, None, part.migrations).await?;
                Store::lend_role(owner, part.name).await?;
            }
        }
        let trigger = Trigger::new();
        let boot = Boot {
            address: config.server.listen,
            http: ports.http.map(Arc::new),
            cache: tally_cache::Cache::memory(),
            compute: Compute::new(config.compute.threads)?,
            shutdown: trigger.shutdown(),
        };
        let clock = Clock::fixed(now);
        let replays = form <= UTC_FORM;
        let ambient = Ambient { clock: clock.clone(), rng: Rng::System, replays, keeps_all: true };
        let suite = suite::build(&config, &boot, &ambient).await?;
        let running = Running::start(ports.grpc, None, suite.mounted, trigger).await;
        let crew = Crew::hire(&suite.channels, bundle, password).await?;
        Ok(Self { crew, stores: suite.stores, clock, running, keys })
    }

    /// Ends the suite; logs are numbered to the last entry first.
    pub async fn stop(self) -> Result<()> {
        for store in &self.stores {
            store.sequence_now().await?;
        }
        self.running.stop(std::time::Duration::ZERO, std::time::Duration::from_secs(10)).await;
        self.keys.close().context("cannot remove a temporary folder")
    }

    /// Ends the suite, which came to nothing; a database is as empty as before.
    pub async fn discard(self, place: &Place) -> Result<()> {
        self.running.stop(std::time::Duration::ZERO, std::time::Duration::from_secs(10)).await;
        if let Place::Postgres(owner) = place {
            for part in SERVICES {
                Store::discard(OwnerUrl { url: owner, setting: Some(DATABASE_FLAG) }, part.name).await?;
            }
        }
        self.keys.close().context("cannot remove a temporary folder")
    }
}

fn settings(place: &Place, keys: &Path) -> Result<Config> {
    let url = match place {
        Place::Folder(folder) => format!("sqlite://{}/{{service}}.db", folder.display()),
        Place::Postgres(owner) => as_services(owner),
    };
    let flags = [
        ("database.url", url),
        ("keys.directory", keys.display().to_string()),
        // One user's job: nothing is gained by counting its calls.
        ("limits.calls_per_second", "0".to_owned()),
        ("limits.group_calls_per_second", "0".to_owned()),
        ("limits.first_answer_seconds", "600".to_owned()),
    ];
    let flags = flags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut config = Config::load(&Sources { file: None, environment: Vec::new(), flags })?;
    config.database.written.url = DATABASE_FLAG.to_owned();
    Ok(config)
}

/// A password that lives as long as this run: 32 characters from the operating system's randomness.
pub fn secret() -> String {
    Rng::System.bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The owner's URL, with each service in its own role. Nobody signs in as that role: its password is that of a suite which is
/// served from the same server, as roles are of all databases of one.
fn as_services(owner: &str) -> String {
    let sign = if owner.contains('?') { '&' } else { '?' };
    format!("{owner}{sign}options[role]=tally_{{service}}")
}
