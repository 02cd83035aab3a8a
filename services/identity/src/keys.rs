//! The key folder: `NAME.key` holds a service's secret signing key, readable by its owner only; `NAME.pub` beside it is
//! what the others verify by. Identity publishes every `*.pub` as its key set, so adding a service is adding a file.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tally_kernel::{Error, Kind, Result, Rng};
use tally_rpc::{Jwks, Keys, PublicKey, SigningKey};
use zeroize::Zeroizing;

/// How often the folder is looked at for a key that is not known, at most.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The signing key of `service` in `folder`, made at the first start: a laptop needs no step before it, and a cluster
/// mounts the folder from a secret.
///
/// # Errors
/// `KEYS_UNUSABLE` when the file is malformed, readable by others, or cannot be written.
pub fn open_or_create(folder: &Path, service: &str, rng: &Rng) -> Result<SigningKey> {
    let path = folder.join(format!("{service}.key"));
    fs::create_dir_all(folder).map_err(|e| unusable(folder, &e.to_string()))?;
    let seed = match read_secret(&path) {
        Ok(seed) => seed,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let seed = Zeroizing::new(rng.bytes());
            write_secret(&path, &seed).map_err(|e| unusable(&path, &e.to_string()))?;
            seed
        }
        Err(e) => return Err(unusable(&path, &e.to_string())),
    };
    let key = SigningKey::from_seed(service, *seed);
    let public = folder.join(format!("{service}.pub"));
    let text = format!("{}\n", STANDARD.encode(key.public().bytes));
    if fs::read_to_string(&public).ok().as_deref() != Some(text.as_str()) {
        fs::write(&public, text).map_err(|e| unusable(&public, &e.to_string()))?;
    }
    Ok(key)
}

fn read_secret(path: &Path) -> std::io::Result<Zeroizing<[u8; 32]>> {
    let mut file = File::open(path)?;
    owner_only(&file)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| malformed())?);
    Ok(Zeroizing::new(bytes.as_slice().try_into().map_err(|_| malformed())?))
}

fn write_secret(path: &Path, seed: &[u8; 32]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(Zeroizing::new(format!("{}\n", STANDARD.encode(seed))).as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn owner_only(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if file.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(std::io::Error::other("others than its owner can read it; type: chmod 600 on it"))
}

#[cfg(not(unix))]
fn owner_only(_: &File) -> std::io::Result<()> {
    Ok(())
}

fn malformed() -> std::io::Error {
    std::io::Error::other("it must hold 32 bytes in base64")
}

fn unusable(path: &Path, why: &str) -> Error {
    let text = format!("the key {} cannot be used: {why}", path.display());
    Error::new(Kind::FailedPrecondition, "KEYS_UNUSABLE", text)
}

/// The public keys that identity publishes and verifies by.
#[derive(Debug)]
pub struct KeyRing {
    folder: Option<PathBuf>,
    known: Mutex<(Jwks, Option<Instant>)>,
}

impl KeyRing {
    /// Fixed keys: one process that made them all itself.
    pub fn fixed(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self { folder: None, known: Mutex::new((Jwks(keys.into_iter().collect()), None)) }
    }

    /// Every `*.pub` of a folder, looked at again when an unknown key turns up: services may come later.
    ///
    /// # Errors
    /// `KEYS_UNUSABLE` when the folder cannot be read.
    pub fn folder(folder: &Path) -> Result<Self> {
        let known = read_folder(folder)?;
        Ok(Self { folder: Some(folder.to_owned()), known: Mutex::new((known, Some(Instant::now()))) })
    }

    /// All keys, fresh from the folder if there is one.
    ///
    /// # Errors
    /// `KEYS_UNUSABLE` when the folder cannot be read.
    pub fn all(&self) -> Result<Jwks> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.look_again(&mut known)?;
        Ok(known.0.clone())
    }

    fn look_again(&self, known: &mut (Jwks, Option<Instant>)) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        if known.1.is_none_or(|at| at.elapsed() >= LOOK_INTERVAL) {
            *known = (read_folder(folder)?, Some(Instant::now()));
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl Keys for KeyRing {
    async fn key(&self, kid: &str) -> Result<Option<PublicKey>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0.find(kid).is_none() {
            self.look_again(&mut known)?;
        }
        Ok(known.0.find(kid).cloned())
    }
}

/// The keys of a folder, by the names of their files.
fn read_folder(folder: &Path) -> Result<Jwks> {
    let mut keys = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| unusable(folder, &e.to_string()))? {
        let path = entry.map_err(|e| unusable(folder, &e.to_string()))?.path();
        let Some(owner) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".pub")) else { continue };
        let text = fs::read_to_string(&path).map_err(|e| unusable(&path, &e.to_string()))?;
        let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| unusable(&path, "it must hold 32 bytes in base64"))?;
        keys.push(PublicKey::new(owner, bytes));
    }
    keys.sort_by(|a, b| a.owner.cmp(&b.owner));
    Ok(Jwks(keys))
}
