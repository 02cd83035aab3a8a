//! One process at a time works on a SQLite store. The lock is the operating system's, on a file beside each service's data: it
//! ends with the process, however that ends.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use tally_kernel::{Error, Kind, Result, msg};
use tally_rpc::GATEWAY;
use tally_runtime::Config;

use crate::suite::{data_folder, heads_folder, key_folder, seal_key, store_url};

/// What SQLite puts beside a file while it is open.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];

/// The stores of the services that a process runs are its own while this lives.
#[derive(Debug)]
pub struct StoreLock {
    files: Vec<File>,
    begun: Begun,
}

/// What was not there before this start.
#[derive(Debug)]
struct Begun {
    /// Stores, their signed heads, and at last their locks.
    files: Vec<PathBuf>,
    /// Folders, the innermost first.
    folders: Vec<PathBuf>,
    /// With new keys the start has come so far that its stores are kept.
    key: Option<PathBuf>,
}

impl StoreLock {
    /// Takes the stores that the settings name; on PostgreSQL there is nothing to take.
    ///
    /// # Errors
    /// `STORE_IN_USE` where another process has one; then nothing is left behind.
    pub fn take(config: &Config) -> Result<Self> {
        let mut stores = BTreeSet::new();
        let (data, heads) = (data_folder(config), heads_folder(config));
        let folders = [heads.as_ref(), Some(&key_folder(config)), data.as_ref()];
        let folders = folders.into_iter().flatten().flat_map(|folder| missing(folder)).collect();
        let key = Some(seal_key(config)).filter(|file| !file.exists());
        let mut lock = Self { files: Vec::new(), begun: Begun { files: Vec::new(), folders, key } };
        // The gateway has no store.
        let services = || config.server.services.iter().filter(|name| *name != GATEWAY);
        for service in services() {
            let url = store_url(config, service)?;
            let file = url.strip_prefix("sqlite://").and_then(|file| file.split('?').next());
            stores.extend(file.map(PathBuf::from));
        }
        let locks: Vec<PathBuf> =
            stores.iter().map(|store| PathBuf::from(format!("{}.lock", store.display()))).collect();
        let signed = services().map(|service| format!("{service}.heads"));
        let signed = signed.filter_map(|name| Some(heads.as_ref()?.join(name)));
        let made = stores.into_iter().chain(signed).chain(locks.iter().cloned());
        lock.begun.files = made.filter(|file| !file.exists()).collect();
        for path in &locks {
            match locked(path, &config.database.written.url) {
                Ok(file) => lock.files.push(file),
                Err(error) => {
                    lock.take_back();
                    return Err(error);
                }
            }
        }
        Ok(lock)
    }

    /// A start that was refused leaves nothing behind: neither empty stores nor their folder. Once there are new keys all of it stays.
    pub fn take_back(self) {
        let Begun { files, folders, key } = &self.begun;
        if key.as_ref().is_some_and(|file| file.exists()) {
            return;
        }
        for file in files {
            for end in BESIDE {
                // What is not there, or cannot be removed, stays as it is.
                drop(fs::remove_file(format!("{}{end}", file.display())));
            }
        }
        for folder in folders {
            drop(fs::remove_dir(folder));
        }
    }
}

/// The folders of this path that are not there, the innermost first.
fn missing(folder: &Path) -> Vec<PathBuf> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    folder.ancestors().take_while(is_missing).map(Path::to_owned).collect()
}

fn locked(path: &Path, setting: &str) -> Result<File> {
    let unwritable = |error| {
        let (file, why) = (path.display(), tally_i18n::io(&error));
        Error::of(Kind::InvalidArgument, msg!("STORE_FILE_UNUSABLE", file, setting, why))
    };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let folder = path.parent().unwrap_or(path).display();
            Err(Error::of(Kind::FailedPrecondition, msg!("STORE_IN_USE", folder)))
        }
        Err(TryLockError::Error(error)) => Err(unwritable(error)),
    }
}
