//! One process at a time works on a SQLite store. The lock is the operating system's, on a file beside each service's data: it
//! ends with the process, however that ends.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use tally_kernel::{Error, Kind, Result, msg};
use tally_runtime::Config;

use crate::suite::store_url;

/// The stores of the services that a process runs are its own while this lives.
#[derive(Debug)]
pub struct StoreLock {
    _files: Vec<File>,
}

impl StoreLock {
    /// Takes the stores that the settings name; on PostgreSQL there is nothing to take.
    ///
    /// # Errors
    /// `STORE_IN_USE` where another process has one.
    pub fn take(config: &Config) -> Result<Self> {
        let mut names = BTreeSet::new();
        for service in &config.server.services {
            let url = store_url(config, service)?;
            let file = url.strip_prefix("sqlite://").and_then(|file| file.split('?').next());
            names.extend(file.map(|store| format!("{store}.lock")));
        }
        let files = names.iter().map(|name| locked(Path::new(name))).collect::<Result<_>>()?;
        Ok(Self { _files: files })
    }
}

fn locked(path: &Path) -> Result<File> {
    let unwritable = |error| {
        Error::of(
            Kind::FailedPrecondition,
            msg!("STORE_FILE_UNUSABLE", file = path.display(), why = tally_i18n::io(&error)),
        )
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
