//! Settings: one typed tree, from commented defaults over a file and the environment to flags. Nothing reads a setting
//! at the place of use, and nothing but this file reads the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::{Deserialize, Serialize};
use tally_access::{Locale, PolicyRow};
use tally_i18n::text;
use tally_kernel::{Message, msg};
use tally_rpc::{Limits, Network};

mod doors;
mod environment;
mod files;
mod levels;
mod list;
mod secret;
mod written;
mod wrong;

pub use environment::spoken;
pub use files::passphrase_in;
pub use secret::{Passphrase, Secret};
pub use written::Written;

/// Every setting with its default and its meaning.
pub const DEFAULTS: &str = include_str!("default.toml");
/// What a process exits with when a setting is wrong (EX_USAGE).
pub const EXIT_CONFIG: u8 = 64;
/// The doors of the suite, among the services of a process: without data, and nobody's peer.
pub const GATEWAY: &str = tally_rpc::GATEWAY;
/// What stands for a service's name in the URL of the database.
const SERVICE: &str = "{service}";
/// Threads for computing, and calls at once, that no machine has any use for more of.
const THREADS_MAX: usize = 1_024;
const CALLS_MAX: usize = 1_000_000;
const FIRST_ANSWER_MAX: usize = 1_800; // a correction looks an hour back for changes that were under way
/// Start of the names of environment variables that are settings, and of those of the test tools, which are none.
const PREFIX: &str = "TALLY_";
const TEST_PREFIX: &str = "TALLY_TEST_";

/// The whole tree; `default.toml` tells what each setting means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The port and what stands behind it.
    pub server: Server,
    /// How much is taken on.
    pub limits: LimitSettings,
    /// Where data are.
    pub database: Database,
    /// What is shared by processes and may be forgotten.
    pub redis: Redis,
    /// Keys of data and tokens.
    pub keys: Keys,
    /// What is kept outside the database about its logs.
    pub audit: Audit,
    /// Services in other processes: name -> address, empty where none is known.
    pub peers: BTreeMap<String, String>,
    /// How they are called.
    pub calls: Calls,
    /// What the command line asks of a suite that runs elsewhere.
    pub client: Client,
    /// Logs, traces, metrics.
    pub telemetry: Telemetry,
    /// The pool of heavy work.
    pub compute: ComputeSettings,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml tells what each setting means; one text is enough")]
pub struct Server {
    pub listen: SocketAddr,
    pub http: SocketAddr,
    #[serde(deserialize_with = "list::read")]
    pub http_proxies: Vec<String>,
    #[serde(deserialize_with = "list::read")]
    pub cors_origins: Vec<String>,
    #[serde(deserialize_with = "list::read")]
    pub services: Vec<String>,
    pub uploads: PathBuf,
    #[serde(deserialize_with = "list::read")]
    pub regions: Vec<String>,
    pub grace_seconds: u64,
    pub drain_seconds: u64,
    pub tls_certificate: PathBuf,
    pub tls_key: PathBuf,
    pub tls_authority: PathBuf,
    pub i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay: bool,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml tells what each setting means; one text is enough")]
pub struct LimitSettings {
    pub concurrency: usize,
    pub calls_per_second: u32,
    pub group_calls_per_second: u32,
    pub public_calls_per_second: u32,
    pub first_answer_seconds: u64,
}

/// `[database]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml tells what each setting means; one text is enough")]
pub struct Database {
    pub url: Secret,
    pub owner_url: Secret,
    pub connections: u32,
    #[serde(skip)]
    pub written: Written,
}

/// `[redis]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml tells what each setting means; one text is enough")]
pub struct Redis {
    pub url: Secret,
    pub patience_milliseconds: u64,
}

/// `[keys]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml tells what each setting means; one text is enough")]
pub struct Keys {
    pub directory: PathBuf,
    pub services_directory: PathBuf,
    pub passphrase: Passphrase,
    pub passphrase_file: PathBuf,
}

/// `[audit]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml tells what each setting means; one text is enough")]
pub struct Audit {
    pub heads_directory: PathBuf,
}

/// `[calls]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml tells what each setting means; one text is enough")]
pub struct Calls {
    pub resolve_seconds: u64,
}

/// `[client]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml tells what each setting means; one text is enough")]
pub struct Client {
    pub server: String,
    pub authority: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub session_file: PathBuf,
}

/// `[telemetry]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml tells what each setting means; one text is enough")]
pub struct Telemetry {
    pub log: String,
    pub format: LogFormat,
    pub otlp_endpoint: String,
    pub metrics_seconds: u64,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

/// `[compute]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml tells what each setting means; one text is enough")]
pub struct ComputeSettings {
    pub threads: usize,
}

/// A setting that cannot hold: which, where it came from, and what to do. The process exits with [`EXIT_CONFIG`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting, such as `server.listen`.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub message: Message,
}

impl ConfigError {
    /// The setting and what is wrong with it, in one sentence.
    pub fn said(&self) -> Message {
        msg!("SETTING_CANNOT_HOLD", key = self.key, problem = self.message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(Locale::En, &self.said()))
    }
}

impl std::error::Error for ConfigError {}

/// What the tree is read from, beside the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A TOML file, if one was named; it must exist then.
    pub file: Option<PathBuf>,
    /// The environment; only `TALLY_*` is looked at.
    pub environment: Vec<(String, String)>,
    /// Settings from flags, by their key: `("server.listen", "127.0.0.1:0")`.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// The process's own environment, with these flags and this file.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        let environment = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self { file, environment: environment.collect(), flags }
    }
}

/// One setting from a place that has no tree.
struct One {
    source: String,
    key: String,
    value: String,
}

impl Provider for One {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        // The same words as in the file: numbers, booleans, lists; anything else is text. A passphrase is always text.
        let value: Value = match self.value.parse() {
            _ if self.key == "keys.passphrase" => Value::from(self.value.as_str()),
            Ok(value) => value,
            Err(never) => match never {},
        };
        let nested = figment::util::nest(&self.key, value);
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

impl Config {
    /// Reads and validates the tree.
    ///
    /// # Errors
    /// The first setting that is unknown, unreadable or dangerous.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(folder) = environment::state_folder(&sources.environment) {
            let (source, key) = ("the home folder".into(), "client.session_file".to_owned());
            figment = figment.merge(One { source, key, value: format!("{folder}/tally/session.json") });
        }
        if let Some(file) = &sources.file {
            if !file.is_file() {
                return Err(error("--config", msg!("SETTING_FILE_MISSING", file = file.display())));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        for (name, value) in &sources.environment {
            if let Some(key) = key_of_variable(name) {
                figment =
                    figment.merge(One { source: format!("environment variable {name}"), key, value: value.clone() });
            }
        }
        for (key, value) in &sources.flags {
            figment = figment.merge(One { source: "a flag".into(), key: key.clone(), value: value.clone() });
        }
        let mut config: Self = figment.extract().map_err(wrong::value)?;
        config.database.written = Written::of(&figment);
        let known: Self = Figment::from(Toml::string(DEFAULTS)).extract().map_err(wrong::value)?;
        if let Some(stranger) = config.peers.keys().find(|name| !known.peers.contains_key(*name)) {
            return Err(error(
                &format!("peers.{stranger}"),
                msg!("SETTING_SERVICE_UNKNOWN", name = stranger, known = names(&known.peers)),
            ));
        }
        config.validate().map_err(|error| wrong::placed(&figment, error))?;
        Ok(config)
    }

    /// Where the service `name` is, for a process that is not that service itself.
    ///
    /// # Errors
    /// When nobody said where.
    pub fn peer(&self, name: &str) -> Result<&str, ConfigError> {
        let address = self.peers.get(name).map(String::as_str).filter(|address| !address.is_empty());
        address.ok_or_else(|| error(&format!("peers.{name}"), msg!("SETTING_PEER_MISSING", name)))
    }

    /// Whether this process has the doors of the suite.
    pub fn has_gateway(&self) -> bool {
        self.server.services.iter().any(|n| n == GATEWAY)
    }

    /// Checks what types cannot say.
    ///
    /// # Errors
    /// The first setting that cannot hold.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.server.services.is_empty() {
            return Err(error("server.services", msg!("SETTING_SERVICES_NONE", known = names(&self.peers))));
        }
        if let Some(name) = self.server.services.iter().find(|name| *name != GATEWAY && !self.peers.contains_key(*name))
        {
            return Err(error("server.services", msg!("SETTING_SERVICE_UNKNOWN", name, known = names(&self.peers))));
        }
        let mut seen = BTreeSet::new();
        if let Some(name) = self.server.services.iter().find(|name| !seen.insert(*name)) {
            return Err(error("server.services", msg!("SETTING_SERVICE_TWICE", name)));
        }
        for region in &self.server.regions {
            region.parse::<tally_access::Region>().map_err(|e| error("server.regions", e.message().clone()))?;
        }
        let counts = [
            ("limits.concurrency", self.limits.concurrency == 0),
            ("limits.first_answer_seconds", self.limits.first_answer_seconds == 0),
            ("redis.patience_milliseconds", self.redis.patience_milliseconds == 0),
            ("database.connections", self.database.connections == 0),
            ("calls.resolve_seconds", self.calls.resolve_seconds == 0),
        ];
        if let Some((key, _)) = counts.into_iter().find(|(_, none)| *none) {
            return Err(error(key, msg!("SETTING_AT_LEAST_ONE")));
        }
        let first_answer = usize::try_from(self.limits.first_answer_seconds).unwrap_or(usize::MAX);
        let bounded = [
            ("compute.threads", self.compute.threads, THREADS_MAX),
            ("limits.concurrency", self.limits.concurrency, CALLS_MAX),
            ("limits.first_answer_seconds", first_answer, FIRST_ANSWER_MAX),
        ];
        if let Some((key, _, most)) = bounded.into_iter().find(|(_, count, most)| count > most) {
            return Err(error(key, msg!("SETTING_AT_MOST", most)));
        }
        for (key, url) in [("database.url", &self.database.url), ("database.owner_url", &self.database.owner_url)] {
            let known =
                ["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| url.reveal().starts_with(scheme));
            let left_out = url.is_empty() && key == "database.owner_url";
            if !known && !left_out {
                return Err(error(key, msg!("SETTING_DATABASE_URL")));
            }
        }
        self.validate_roles()?;
        levels::validate(&self.telemetry.log).map_err(|message| error("telemetry.log", message))?;
        self.validate_doors()?;
        self.validate_port()
    }

    /// Two services in one file, or with one role, is what neither works with.
    fn validate_roles(&self) -> Result<(), ConfigError> {
        if self.server.services.iter().filter(|name| *name != GATEWAY).count() < 2 {
            return Ok(());
        }
        let (url, parameters) = self.database.url.reveal().split_once('?').unwrap_or((self.database.url.reveal(), ""));
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        if scheme == "sqlite" {
            let is_there = rest.contains(SERVICE);
            return if is_there { Ok(()) } else { Err(error("database.url", msg!("SETTING_SERVICE_IN_URL"))) };
        }
        let role = rest.rsplit_once('@').and_then(|(user, _)| user.split(':').next()).unwrap_or_default();
        // One that may act as all of them signs in, and each service acts as its own.
        let acts = parameters.split('&').any(|one| one.starts_with("options[role]=") && one.contains(SERVICE));
        if acts || role.contains(SERVICE) {
            Ok(())
        } else {
            Err(error("database.url", msg!("SETTING_SERVICE_IN_URL.role")))
        }
    }

    /// Tokens and pay leave the machine encrypted only. For whoever is about to call others: a command that calls nobody
    /// needs no way to them.
    ///
    /// # Errors
    /// The first peer that would be called in clear.
    pub fn validate_peers(&self) -> Result<(), ConfigError> {
        if self.server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay {
            return Ok(());
        }
        for (name, address) in self.peers.iter().filter(|(_, address)| !address.is_empty()) {
            let here = |host: &str| host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
            let host = address.strip_prefix("http://").and_then(|rest| rest.rsplit_once(':')).map(|(host, _)| host);
            let is_here = host.is_some_and(|host| here(host.trim_matches(['[', ']'])));
            if !address.starts_with("https://") && !is_here {
                return Err(error(&format!("peers.{name}"), msg!("SETTING_PEER_IN_CLEAR", address)));
            }
        }
        Ok(())
    }

    /// Nothing with a default secret listens beyond the loopback, and nothing talks in clear there.
    fn validate_port(&self) -> Result<(), ConfigError> {
        let server = &self.server;
        let (certificate, key) = (server.tls_certificate.as_os_str(), server.tls_key.as_os_str());
        if certificate.is_empty() != key.is_empty() {
            return Err(error("server.tls_key", msg!("SETTING_CERTIFICATE_AND_KEY")));
        }
        if certificate.is_empty() && !server.tls_authority.as_os_str().is_empty() {
            return Err(error("server.tls_authority", msg!("SETTING_AUTHORITY_ALONE")));
        }
        let plain = server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay;
        let (ip, http) = (server.listen.ip(), server.http.ip());
        if self.has_gateway() && !http.is_loopback() && !plain {
            return Err(error("server.http", msg!("SETTING_HTTP_IN_CLEAR", ip = http)));
        }
        if ip.is_loopback() || plain {
            return Ok(());
        }
        if certificate.is_empty() {
            return Err(error("server.listen", msg!("SETTING_LISTEN_IN_CLEAR", ip)));
        }
        if self.keys.directory.as_os_str().is_empty() {
            return Err(error("keys.directory", msg!("SETTING_KEYS_GENERATED", ip)));
        }
        Ok(())
    }

    /// The tree as TOML, secrets masked: what `--dump-config` prints.
    ///
    /// # Errors
    /// Never in practice: the tree is made of texts, numbers and lists.
    pub fn dump(&self) -> Result<String, ConfigError> {
        toml::to_string(self).map_err(|e| error("--dump-config", Message::told(e.to_string())))
    }

    /// The limits of every service's stack.
    pub fn limits(&self) -> Limits {
        Limits {
            concurrency: self.limits.concurrency,
            calls_per_second: self.limits.calls_per_second,
            group_calls_per_second: self.limits.group_calls_per_second,
            public_calls_per_second: self.limits.public_calls_per_second,
            first_answer: Duration::from_secs(self.limits.first_answer_seconds),
        }
    }

    /// How services with these rpcs are called in other processes.
    ///
    /// # Errors
    /// The setting whose file cannot be read.
    pub fn network<'a>(&self, rows: impl IntoIterator<Item = &'a PolicyRow>) -> Result<Network, ConfigError> {
        let mut network = Network::of(rows);
        network.tls = self.tls()?.map(|tls| tls.client());
        network.resolve_every = Duration::from_secs(self.calls.resolve_seconds);
        Ok(network)
    }

    /// The regions of this stack.
    pub fn regions(&self) -> tally_access::Regions {
        let named = self.server.regions.iter().filter_map(|region| region.parse().ok()).collect::<Vec<_>>();
        if named.is_empty() {
            tally_access::Regions::All
        } else {
            tally_access::Regions::Only(named.into_iter().collect())
        }
    }
}

fn key_of_variable(name: &str) -> Option<String> {
    let key = name.strip_prefix(PREFIX).filter(|_| !name.starts_with(TEST_PREFIX))?;
    Some(key.to_ascii_lowercase().replacen('_', ".", 1))
}

fn error(key: &str, message: Message) -> ConfigError {
    ConfigError { key: key.to_owned(), message }
}

fn names(peers: &BTreeMap<String, String>) -> String {
    peers.keys().map(String::as_str).chain([GATEWAY]).collect::<Vec<_>>().join(", ")
}
