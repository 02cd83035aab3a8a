//! The five services put together: stores, keys, stacks, and channels between them, in the order in which they need each
//! other. A service that is not in this process is called at its address; nobody can tell the difference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tally_access::{Effect, OpContext, Permission, PolicyRow, Regions};
use tally_cache::Cache;
use tally_kernel::{Clock, Error, Kind, Result, Rng, msg};
use tally_privacy::DataTable;
use tally_rpc::{
    FetchedKeys, GATEWAY, Introducer, Keys, LeasedViews, Peer, ReadLog, Reading, RpcChannel, Signer, SigningKeys,
    Stack, StackConfig, Tokens, Views, in_process,
};
use tally_runtime::{Boot, Compute, Config, Failure, Mounted, Service, Task};
use tally_store::{Audit, Keys as SealKeys, Migrations, Store, StoreConfig};

use tokio::net::TcpListener;

use tally_import::Channels;

/// A service's name, what its rpcs ask for, and its tables.
#[derive(Clone, Copy)]
pub struct SuiteService {
    /// Name, such as `attendance`.
    pub name: &'static str,
    /// What every rpc asks for.
    pub policy: &'static [PolicyRow],
    /// The service's tables.
    pub migrations: Migrations,
    /// Those that tell of people, and those whose rows are kept for a time.
    pub data_tables: &'static [DataTable],
    /// Those of the group beside them.
    pub group: &'static [DataTable],
}

/// All services, each after those it calls.
pub const SERVICES: [SuiteService; 5] = [
    SuiteService {
        name: tally_identity::SERVICE,
        policy: tally_identity::POLICY,
        migrations: tally_identity::migrations,
        data_tables: &tally_identity::DATA_TABLES,
        group: &tally_identity::GROUP,
    },
    SuiteService {
        name: tally_attendance::SERVICE,
        policy: tally_attendance::POLICY,
        migrations: tally_attendance::migrations,
        data_tables: tally_attendance::privacy::DATA_TABLES,
        group: tally_attendance::privacy::GROUP,
    },
    SuiteService {
        name: tally_performance::SERVICE,
        policy: tally_performance::POLICY,
        migrations: tally_performance::migrations,
        data_tables: tally_performance::privacy::DATA_TABLES,
        group: tally_performance::privacy::GROUP,
    },
    SuiteService {
        name: tally_compensation::SERVICE,
        policy: tally_compensation::POLICY,
        migrations: tally_compensation::migrations,
        data_tables: tally_compensation::privacy::DATA_TABLES,
        group: tally_compensation::privacy::GROUP,
    },
    SuiteService {
        name: tally_talent::SERVICE,
        policy: tally_talent::POLICY,
        migrations: tally_talent::migrations,
        data_tables: tally_talent::privacy::DATA_TABLES,
        group: tally_talent::privacy::GROUP,
    },
];

/// Who signs with keys of their own.
pub fn signers() -> impl Iterator<Item = &'static str> {
    SERVICES.map(|part| part.name).into_iter().chain([GATEWAY])
}

/// Logins that an entry of a read names at most.
const MOST_LOGINS: usize = 20;
/// How often the key folder is read again: several times before a new key's turn.
const KEYS_READ_EVERY: Duration = Duration::from_secs(10);

/// What a process gives its services beside the settings: the machine's clock and randomness, or a demo's own.
#[derive(Clone, Debug, Default)]
pub struct Ambient {
    /// Tells the time.
    pub clock: Clock,
    /// Gives ids and salts.
    pub rng: Rng,
    /// A month that was closed by earlier rules is closed again: punches and hand-overs that contradict each other, and ids with
    /// characters that nobody sees, were taken then.
    pub replays: bool,
    /// Nothing is ever removed, nor refused for its age: a suite for one job, whose inputs are files.
    pub keeps_all: bool,
}

/// Services that are built and wait to be started.
pub struct Suite {
    /// For [`tally_runtime::Running`] or [`tally_runtime::run`].
    pub mounted: Vec<Mounted>,
    /// Ways to every service, in this process or in another.
    pub channels: Channels,
    /// The stores of this process's services.
    pub stores: Vec<Store>,
}

/// Opens the stores of the services that the settings name and builds them.
///
/// # Errors
/// What a store, a key file or an address says; each tells what to do.
pub async fn build(config: &Config, boot: &Boot, ambient: &Ambient) -> Result<Suite, Failure> {
    let mut builder = Builder::new(config, boot, ambient)?;
    let is_here = |part: &SuiteService| config.server.services.iter().any(|name| name == part.name);
    let mut opened = Vec::new();
    for part in SERVICES.into_iter().filter(is_here) {
        opened.push((part, builder.open(part).await?));
    }
    if !opened.is_empty() {
        builder.keep_keys(opened.iter().map(|(part, _)| part.name))?;
    }
    let mut opened = opened.into_iter().peekable();
    for part in SERVICES {
        match opened.next_if(|(here, _)| here.name == part.name) {
            Some((part, store)) => builder.add(part, store)?,
            None => builder.call_elsewhere(part)?,
        }
    }
    builder.finish(boot.http.clone())
}

struct Builder<'a> {
    config: &'a Config,
    cache: Cache,
    compute: Compute,
    ambient: &'a Ambient,
    folder: PathBuf,
    seal: SealKeys,
    channels: BTreeMap<&'static str, RpcChannel>,
    mounted: Vec<Mounted>,
    stores: Vec<Store>,
    regions: Regions,
}

impl<'a> Builder<'a> {
    fn new(config: &'a Config, boot: &Boot, ambient: &'a Ambient) -> Result<Self, Failure> {
        Ok(Self {
            config,
            cache: boot.cache.clone(),
            compute: boot.compute.clone(),
            ambient,
            seal: SealKeys::open_or_fresh(&seal_key(config), config.passphrase()?.as_deref())?,
            folder: key_folder(config),
            channels: BTreeMap::new(),
            mounted: Vec::new(),
            stores: Vec::new(),
            regions: config.regions(),
        })
    }

    fn call_elsewhere(&mut self, part: SuiteService) -> Result<(), Failure> {
        if let Ok(address) = self.config.peer(part.name) {
            self.channels.insert(part.name, self.config.network(part.policy)?.connect(address)?);
        }
        Ok(())
    }

    /// Makes the keys that are missing, after every store has taken those that are there. Each service's is there before
    /// identity looks: whoever calls in the first second is known too.
    fn keep_keys(&self, services: impl Iterator<Item = &'static str>) -> Result<()> {
        let beside_data = self.config.keys.directory.as_os_str().is_empty();
        let setting = if beside_data { &self.config.database.written.url } else { "keys.directory" };
        std::fs::create_dir_all(&self.folder).map_err(|e| unwritable(&self.folder, &e, setting))?;
        self.seal.keep()?;
        for name in services {
            tally_identity::open_or_create(&self.folder, name, &self.ambient.rng)?;
        }
        Ok(())
    }

    fn add(&mut self, part: SuiteService, store: Store) -> Result<(), Failure> {
        let key = tally_identity::open_or_create(&self.folder, part.name, &self.ambient.rng)?;
        let (service, keys, views) = self.service(part.name, store.clone(), key.clone())?;
        let stack = Stack::new(StackConfig {
            service: part.name,
            policy: part.policy,
            keys,
            views,
            clock: self.ambient.clock.clone(),
            rng: self.ambient.rng.clone(),
            regions: self.regions.clone(),
            limits: self.config.limits(),
            cache: self.cache.clone(),
            reads: Arc::new(Audited(store.clone())),
        });
        let mut mounted = service.mount(&stack);
        mounted.background.push(sequencer(store.clone()));
        mounted.background.push(signing_keys(self.folder.clone(), part.name, key, self.ambient.rng.clone()));
        ring(&store, &self.cache, part.name);
        if let Some(guarded) = &mounted.guarded {
            self.channels.insert(part.name, in_process(guarded));
        }
        self.mounted.push(mounted);
        self.stores.push(store);
        Ok(())
    }

    async fn open(&self, part: SuiteService) -> Result<Store> {
        let mut settings = store_config(self.config, part.name, &self.seal)?;
        settings.clock = self.ambient.clock.clone();
        settings.max_connections = self.config.database.connections;
        settings.heads = heads_folder(self.config);
        let store = Store::open(settings, part.migrations).await?;
        store.refuse_other_keys().await?;
        store.refuse_unwritable_heads()?;
        store.refuse_lost_data().await?;
        Ok(store)
    }

    /// A service with the keys and views its stack goes by: identity's own, and for the others what identity says.
    fn service(&self, name: &'static str, store: Store, key: SigningKeys) -> Result<Armed, Failure> {
        let Ambient { clock, rng, replays, keeps_all: _ } = self.ambient.clone();
        if name == tally_identity::SERVICE {
            let keys = Arc::new(tally_identity::KeyRing::folder(&self.public_keys(), clock.clone())?);
            let views = Arc::new(tally_identity::OwnViews::new(store.clone(), clock.clone(), rng.clone()));
            let deps = tally_identity::Deps {
                store,
                cache: self.cache.clone(),
                signing: key,
                keys: keys.clone(),
                views: views.clone(),
                compute: self.compute.clone(),
                clock,
                rng,
                replays,
            };
            return Ok((tally_identity::build(deps)?, keys, views));
        }
        let signer = Signer::new(name, key.clone(), clock.clone(), rng.clone()).of_regions(self.regions.clone());
        let signer = Arc::new(signer);
        let identity = self.channel(tally_identity::SERVICE)?;
        let keys: Arc<dyn Keys> = Arc::new(FetchedKeys::new(identity.clone()));
        let views: Arc<dyn Views> = Arc::new(LeasedViews::new(identity, Arc::clone(&signer)));
        let peer = |other: &'static str| Ok::<_, Failure>(Peer::new(self.channel(other)?, Arc::clone(&signer)));
        Ok((self.other_service(name, store, key, &peer)?, keys, views))
    }

    fn other_service(
        &self,
        name: &'static str,
        store: Store,
        signing: SigningKeys,
        peer: &dyn Fn(&'static str) -> Result<Peer, Failure>,
    ) -> Result<Service, Failure> {
        let Ambient { clock, rng, replays, keeps_all } = self.ambient.clone();
        let (cache, compute) = (self.cache.clone(), self.compute.clone());
        let identity = peer(tally_identity::SERVICE)?;
        Ok(match name {
            tally_attendance::SERVICE => {
                let peers = tally_attendance::Peers { identity };
                let deps = tally_attendance::Deps { store, cache, peers, clock, rng, compute, replays, keeps_all };
                tally_attendance::build(deps)
            }
            tally_performance::SERVICE => {
                let peers = tally_performance::Peers { identity, attendance: peer(tally_attendance::SERVICE)? };
                let trusted = tally_performance::Trusted::folder(self.folder.join("regions"));
                tally_performance::build(tally_performance::Deps {
                    store,
                    cache,
                    peers,
                    signing,
                    trusted,
                    clock,
                    rng,
                    compute,
                    replays,
                    keeps_all,
                })
            }
            tally_compensation::SERVICE => {
                let peers = tally_compensation::Peers { identity, performance: peer(tally_performance::SERVICE)? };
                tally_compensation::build(tally_compensation::Deps { store, cache, peers, clock, rng })
            }
            _ => {
                let (attendance, performance) = (peer(tally_attendance::SERVICE)?, peer(tally_performance::SERVICE)?);
                let peers = tally_talent::Peers { identity, attendance, performance };
                tally_talent::build(tally_talent::Deps { store, cache, peers, clock, rng })
            }
        })
    }

    fn channel(&self, other: &'static str) -> Result<RpcChannel, Failure> {
        if let Some(channel) = self.channels.get(other) {
            return Ok(channel.clone());
        }
        // Every service comes after those it calls: what is not there is elsewhere, and nobody said where.
        self.config.peer(other)?;
        Err(Error::internal(format_args!("{other} was not built before its callers")).into())
    }

    /// Where identity finds the public keys of the services.
    fn public_keys(&self) -> PathBuf {
        let named = &self.config.keys.services_directory;
        if named.as_os_str().is_empty() { self.folder.clone() } else { named.clone() }
    }

    fn finish(mut self, http: Option<Arc<TcpListener>>) -> Result<Suite, Failure> {
        if http.is_some() {
            for part in SERVICES {
                self.channel(part.name)?;
            }
        }
        // A process that holds some services needs ways to its peers only; what it cannot reach stays at its own port.
        let some = self.channels.values().next().cloned();
        let some = some.ok_or_else(|| Error::internal("no service was built"))?;
        let way = |name: &str| self.channels.get(name).cloned().unwrap_or_else(|| some.clone());
        let channels = Channels {
            identity: way(tally_identity::SERVICE),
            attendance: way(tally_attendance::SERVICE),
            performance: way(tally_performance::SERVICE),
            compensation: way(tally_compensation::SERVICE),
            talent: way(tally_talent::SERVICE),
        };
        let mut mounted = std::mem::take(&mut self.mounted);
        if let Some(listener) = http {
            mounted.push(self.gateway(listener, &channels)?);
        }
        Ok(Suite { mounted, channels, stores: self.stores })
    }

    /// The doors of the suite, on a port of their own.
    fn gateway(&self, listener: Arc<TcpListener>, channels: &Channels) -> Result<Mounted, Failure> {
        let Ambient { clock, rng, .. } = self.ambient.clone();
        let (introducer, mut background) = self.introducer()?;
        let keys = Arc::new(FetchedKeys::new(channels.identity.clone()));
        let guards = tally_gateway::Guards {
            tokens: Tokens::new(keys, self.regions.clone(), clock.clone()),
            concurrency: self.config.limits.concurrency,
            introducer,
            cors_origins: self.config.server.cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect(),
        };
        let services = SERVICES.into_iter().zip(channels.all()).map(|(part, channel)| (part.name, channel)).collect();
        let policy = SERVICES.into_iter().flat_map(|part| part.policy).copied().collect();
        let folder = &self.config.server.uploads;
        let uploads = tally_gateway::Uploads::new((!folder.as_os_str().is_empty()).then(|| folder.clone()));
        let doors = tally_gateway::doors(tally_gateway::Deps { services, policy, clock, rng, uploads, guards })?;
        let port = tally_gateway::Port::behind(self.config.proxies());
        let listening = tally_gateway::Listening::from(listener);
        background.push(Task::new("gateway", move |shutdown| {
            let (listening, doors, port) = (listening.clone(), doors.clone(), port.clone());
            async move {
                tally_gateway::serve(listening, doors, port, shutdown.requested()).await;
                Ok(())
            }
        }));
        Ok(Mounted { guarded: None, background })
    }

    /// Tells services in other processes where calls come from, with a key of the gateway's own; in one process they see it.
    fn introducer(&self) -> Result<(Option<Arc<Introducer>>, Vec<Task>)> {
        let is_here = |name| self.stores.iter().any(|store| store.service() == name);
        if SERVICES.iter().all(|part| is_here(part.name)) {
            return Ok((None, Vec::new()));
        }
        let Ambient { clock, rng, .. } = self.ambient.clone();
        let key = tally_identity::open_or_create(&self.folder, GATEWAY, &rng)?;
        let background = vec![signing_keys(self.folder.clone(), GATEWAY, key.clone(), rng)];
        Ok((Some(Arc::new(Introducer::new(key, clock))), background))
    }
}

/// Reads of what is sensitive and of others' data go into the audit log of the service that answers.
struct Audited(Store);

#[tonic::async_trait]
impl ReadLog for Audited {
    async fn note(&self, ctx: &OpContext, reading: Reading) -> Result<()> {
        let action = reading.permission.map_or("suite.signed_in.read", Permission::name);
        let one = if reading.rows.len() == 1 { reading.rows.first().map(String::as_str) } else { None };
        let words = |words: Vec<&str>| words.join(" ");
        let ids = reading.effect == Effect::SensitiveRead || reading.break_glass.is_some();
        let count = reading.rows.len().to_string();
        let rows = if ids { words(reading.rows.iter().map(String::as_str).collect()) } else { count };
        let mut audit = Audit::new(action, "row", one.unwrap_or("page"))
            .about_all(reading.people.iter().copied())
            .note("classes", words(reading.classes.iter().map(|class| class.as_str_name()).collect()))
            .note("rows", rows);
        if reading.told > reading.people.len() {
            audit = audit.note("people", reading.told).note("asked", reading.asked.join(" "));
        }
        if !reading.logins.is_empty() && !ids {
            let some = reading.logins.iter().map(String::as_str).take(MOST_LOGINS).collect();
            audit = audit.note("logins", words(some)).note("logins_count", reading.logins.len());
        }
        if let Some(id) = reading.break_glass {
            audit = audit.note("break_glass", id);
        }
        self.0.audit_read(ctx, reading.method, audit).await
    }
}

/// A service with where its stack takes keys and views from.
type Armed = (Service, Arc<dyn Keys>, Arc<dyn Views>);

/// The folder of `seal.key` and `SERVICE.key`: as set, or beside the SQLite files.
pub fn key_folder(config: &Config) -> PathBuf {
    let named = &config.keys.directory;
    match (named.as_os_str().is_empty(), data_folder(config)) {
        (false, _) => named.clone(),
        (true, Some(data)) => data.join("keys"),
        (true, None) => PathBuf::from("tally-keys"),
    }
}

/// Where signed heads of the logs go: as set, or beside the SQLite files.
pub fn heads_folder(config: &Config) -> Option<PathBuf> {
    let named = &config.audit.heads_directory;
    if named.as_os_str().is_empty() { data_folder(config).map(|data| data.join("heads")) } else { Some(named.clone()) }
}

/// The file of the master keys.
pub fn seal_key(config: &Config) -> PathBuf {
    key_folder(config).join("seal.key")
}

/// The folder of the SQLite files.
pub fn data_folder(config: &Config) -> Option<PathBuf> {
    let files = config.database.url.reveal().strip_prefix("sqlite://")?;
    let files = files.split('?').next().unwrap_or_default();
    Some(Path::new(files).parent().unwrap_or(Path::new("")).to_owned())
}

/// The address of a service's store: a file of the data folder, or the database as the service's own role.
///
/// # Errors
/// The data folder cannot be made.
pub fn store_url(config: &Config, service: &str) -> Result<String> {
    if let Some(folder) = data_folder(config) {
        std::fs::create_dir_all(&folder).map_err(|e| unwritable(&folder, &e, &config.database.written.url))?;
    }
    Ok(config.database.url.reveal().replace("{service}", service))
}

/// How the store of a service is opened.
///
/// # Errors
/// As [`store_url`].
pub fn store_config(config: &Config, service: &'static str, keys: &SealKeys) -> Result<StoreConfig> {
    let mut settings = StoreConfig::new(store_url(config, service)?, service, keys.clone());
    settings.setting.clone_from(&config.database.written.url);
    Ok(settings)
}

fn unwritable(folder: &Path, error: &std::io::Error, setting: &str) -> Error {
    Error::of(
        Kind::InvalidArgument,
        msg!("FOLDER_UNWRITABLE", path = folder.display(), cause = tally_i18n::io(error), setting),
    )
}

/// Numbers and chains the logs of a store while the process lives.
fn sequencer(store: Store) -> Task {
    Task::new("sequencer", move |shutdown| {
        let store = store.clone();
        async move {
            let ended = store.spawn_sequencer(async move { shutdown.requested().await }).await;
            ended.map_err(Error::internal)
        }
    })
}

/// Reads the key folder again now and then: a new signing key is known long before its turn.
fn signing_keys(folder: PathBuf, name: &'static str, keys: SigningKeys, rng: Rng) -> Task {
    Task::new("signing keys", move |shutdown| {
        let (folder, keys, rng) = (folder.clone(), keys.clone(), rng.clone());
        async move {
            while shutdown.sleep(KEYS_READ_EVERY).await {
                keys.replace(&tally_identity::open_or_create(&folder, name, &rng)?);
            }
            Ok(())
        }
    })
}

/// Wakes consumers in other processes when the outbox grows.
fn ring(store: &Store, cache: &Cache, name: &'static str) {
    let cache = cache.clone();
    store.bell().also(move |_| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.ring(name).await });
    });
}
