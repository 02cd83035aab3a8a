//! Where the command line finds a suite, and as whom: flags before settings before what `tally login` remembered.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tally_api::identity::v1::GetJwksRequest;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_kernel::{Clock, Error, Kind, msg};
use tally_rpc::{ClientTls, Network};
use tally_runtime::{Config, ConfigError};
use tally_store::read_secret;

use crate::cli::Connection;
use crate::said::{asked, refusal, told};
use crate::session::{Channels, rpcs};

/// Who signs people in.
const IDENTITY: &str = tally_identity::SERVICE;

const PRIVATE_KEY: &str = "PRIVATE KEY";
const DEFAULT: &str = "http://127.0.0.1:7070";

/// A server, whom to trust there and what to show it. An empty path stands for no file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    server: String,
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    /// Nobody named a server: each service is where `peers` of the settings places it, if they do.
    #[serde(skip)]
    by_peers: bool,
}

impl Place {
    /// Where these flags lead. What was remembered holds for its server only, and who names a server means it for all services.
    pub fn of(flags: &Connection, config: &Config, remembered: Option<&Remembered>) -> Result<Self> {
        let set = &config.client;
        let named = flags.server.clone().or_else(|| Some(set.server.clone()).filter(|server| !server.is_empty()));
        let by_peers = named.is_none();
        let server = named.or_else(|| config.peer(IDENTITY).ok().map(str::to_owned));
        let file = |flag: &Option<PathBuf>, set: &PathBuf| absolute(flag.as_ref().unwrap_or(set));
        let named = Self {
            authority: file(&flags.ca, &set.authority)?,
            certificate: file(&flags.client_cert, &set.certificate)?,
            key: file(&flags.client_key, &set.key)?,
            server: server.unwrap_or_default(),
            by_peers,
        };
        let Some(known) = remembered.map(|it| &it.place).filter(|it| named.server.is_empty() || named.is_at(it)) else {
            let server = if named.server.is_empty() { DEFAULT.to_owned() } else { named.server };
            return Ok(Self { server, ..named });
        };
        let authority = if is_named(&named.authority) { &named } else { known };
        // A certificate and its key are one thing: half of it is not completed by another half.
        let shown = if is_named(&named.certificate) || is_named(&named.key) { &named } else { known };
        Ok(Self {
            server: known.server.clone(),
            authority: authority.authority.clone(),
            certificate: shown.certificate.clone(),
            key: shown.key.clone(),
            by_peers,
        })
    }

    /// Whether both are the same server.
    pub fn is_at(&self, other: &Self) -> bool {
        self.server.trim_end_matches('/') == other.server.trim_end_matches('/')
    }

    fn has_files(&self) -> bool {
        [&self.authority, &self.certificate, &self.key].iter().any(|file| is_named(file))
    }

    fn tls(&self) -> Result<ClientTls> {
        let authority = pem(&self.authority, "CERTIFICATE")?;
        let shown = (pem(&self.certificate, "CERTIFICATE")?, pem(&self.key, PRIVATE_KEY)?);
        let tls = ClientTls::trusting(authority);
        match shown {
            (Some(certificate), Some(key)) => Ok(tls.showing(certificate, key)),
            (None, None) => Ok(tls),
            _ => {
                let message = msg!("SETTING_CERTIFICATE_AND_KEY");
                Err(ConfigError { key: "client.key".to_owned(), message }.into())
            }
        }
    }

    /// Ways to the services: all here, or where the settings place them.
    pub fn channels(&self, config: &Config) -> Result<Channels> {
        config.validate_peers()?;
        let (here, mut peers) = (self.network()?, config.network(rpcs())?);
        if self.has_files() {
            peers.tls = here.tls.clone();
        }
        let way = |name: &str| match config.peer(name) {
            Ok(peer) if self.by_peers => peers.connect(peer),
            _ => here.connect(&self.server),
        };
        Ok(Channels {
            identity: way(IDENTITY)?,
            attendance: way("attendance")?,
            performance: way("performance")?,
            compensation: way("compensation")?,
            talent: way("talent")?,
        })
    }

    fn network(&self) -> Result<Network> {
        let mut network = Network::of(rpcs());
        network.tls = Some(self.tls()?);
        Ok(network)
    }

    /// Asks whether the suite is there, so that whoever cannot reach it is told why and what to do.
    pub async fn reach(&self, at: &Channels) -> Result<()> {
        let asked = SessionServiceClient::new(at.identity.clone()).get_jwks(asked(GetJwksRequest {})).await;
        let Err(status) = asked else { return Ok(()) };
        if tally_rpc::error_from(status.clone()).reason() != "PEER_UNAVAILABLE" {
            return Err(told(status));
        }
        let why = self.network()?.diagnose(&self.server).await;
        let why = why.unwrap_or_else(|| msg!("SERVER_AWAY", server = self.server));
        Err(refusal(Error::of(Kind::Unavailable, why)))
    }
}

fn is_named(file: &Path) -> bool {
    !file.as_os_str().is_empty()
}

/// The file as it can be found from everywhere.
fn absolute(file: &Path) -> Result<PathBuf> {
    if is_named(file) { Ok(std::path::absolute(file)?) } else { Ok(PathBuf::new()) }
}

/// What a file holds, if one is named; `block` must be among it.
fn pem(file: &Path, block: &str) -> Result<Option<String>> {
    if !is_named(file) {
        return Ok(None);
    }
    let name = file.display().to_string();
    let is_secret = block == PRIVATE_KEY;
    let text = if is_secret { read_secret(file) } else { std::fs::read_to_string(file) }.map_err(|why| {
        Error::of(Kind::InvalidArgument, msg!("CLIENT_FILE_UNREADABLE", file = name, why = tally_i18n::io(&why)))
    })?;
    if !text.contains(&format!("{block}-----")) {
        return Err(Error::of(Kind::InvalidArgument, msg!("CLIENT_FILE_WRONG", file = name, block)).into());
    }
    Ok(Some(text))
}

/// What `tally login` leaves for the commands that follow.
#[derive(Clone, Serialize, Deserialize)]
pub struct Remembered {
    place: Place,
    /// Who signed in.
    pub login: String,
    token: String,
    good_until: jiff::Timestamp,
}

impl Remembered {
    /// A sign-in at a place.
    pub fn new(place: Place, login: String, token: String, good_until: jiff::Timestamp) -> Self {
        Self { place, login, token, good_until }
    }

    /// What was remembered last; nothing where there is none, or none that can be read.
    pub fn read(config: &Config) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(&config.client.session_file).ok()?).ok()
    }

    /// Whether it is of this place.
    pub fn is_at(&self, place: &Place) -> bool {
        self.place.is_at(place)
    }

    /// The token, while it is good.
    pub fn token(&self) -> Option<&str> {
        (Clock::System.now() < self.good_until).then_some(&self.token)
    }

    /// Where it is, for people.
    pub fn server(&self) -> &str {
        &self.place.server
    }

    /// Keeps it in place of what was remembered before, for its owner only.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let new = file.with_extension(format!("new.{}", std::process::id()));
        let mut opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        opened.write_all(&serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(new, file)
    }
}
