//! Whose files are believed: the public keys of other regions' stacks, copied into a folder by whoever runs this one.

use std::path::PathBuf;
use std::sync::Arc;

use tally_access::Region;
use tally_kernel::{Error, Result};
use tally_rpc::{PublicKey, statement};

use crate::SERVICE;

/// A folder of `REGION.pub`, each a copy of that stack's `performance.pub`.
#[derive(Clone, Debug)]
pub struct Trusted(Arc<PathBuf>);

impl Trusted {
    /// The keys in this folder, which need not be there.
    pub fn folder(folder: PathBuf) -> Self {
        Self(Arc::new(folder))
    }

    /// The keys of a region's stack; nothing where none was copied. Read anew every time: files are few and rare.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub(crate) fn keys(&self, region: &Region) -> Result<Option<Vec<PublicKey>>> {
        if region.is_global() {
            return Ok(None);
        }
        let path = self.0.join(format!("{region}.pub"));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::internal(format!("{}: {error}", path.display()))),
        };
        let unusable = || Error::internal(format!("{} holds something else than public keys", path.display()));
        statement::public_keys(SERVICE, &text).map(Some).ok_or_else(unusable)
    }
}
