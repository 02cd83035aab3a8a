//! A result grows in a folder inside of its own and comes out of it when it is whole: a run that was ended leaves nothing that
//! is in the way of the next one.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tally_bundle::Unusable;
use tally_i18n::io as why;
use tally_kernel::msg;

use crate::close::{FINDINGS, REJECTED};
use crate::said::Said;

/// Where the files are until all of them are there.
const FOLDER: &str = ".unfinished";
/// What stays of a run that came to nothing: it says why.
const TOLD: [&str; 2] = [REJECTED, FINDINGS];
/// What a folder has when it has all.
const LAST: &str = "manifest.json";

/// The files of a run that is under way; they go away with it.
#[derive(Debug)]
pub struct Unfinished {
    out: PathBuf,
    dir: PathBuf,
    _lock: File,
}

impl Unfinished {
    /// Begins a result in a folder that must be new or empty, see [`clear`].
    pub fn begin(out: &Path) -> Result<Self> {
        clear(out)?;
        let dir = out.join(FOLDER);
        let unmade = |error| Said(msg!("CANNOT_MAKE_FOLDER", folder = dir.display(), error = why(&error)));
        fs::create_dir(&dir).map_err(unmade)?;
        let lock = File::open(&dir).map_err(unmade)?;
        lock.lock().map_err(unmade)?;
        Ok(Self { out: out.to_owned(), dir, _lock: lock })
    }

    /// Where the files go.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// It came to nothing: of what is there only the findings stay. Gives their file, where there is one.
    pub fn give_up(self) -> Option<PathBuf> {
        let kept = self.out.join(FINDINGS);
        fs::rename(self.dir.join(FINDINGS), &kept).is_ok().then_some(kept)
    }

    pub fn finish(self) -> Result<()> {
        let unwritable = |error| Said(msg!("CANNOT_WRITE_TO", folder = self.out.display(), error = why(&error)));
        let mut names = names_in(&self.dir).map_err(unwritable)?;
        names.sort_by_key(|name| name == LAST);
        for name in names {
            fs::rename(self.dir.join(&name), self.out.join(&name)).map_err(unwritable)?;
        }
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.dir);
    }
}

/// The result folder must be new or empty: nothing of somebody's is written over. Only what a run left there that was ended, or
/// that could not use the bundle, goes.
pub fn clear(out: &Path) -> Result<()> {
    let folder = out.display();
    fs::create_dir_all(out).map_err(|error| Said(msg!("CANNOT_MAKE_FOLDER", folder, error = why(&error))))?;
    let names = names_in(out).map_err(|error| Said(msg!("CANNOT_READ", file = folder, error = why(&error))))?;
    if !names.iter().all(|name| TOLD.iter().any(|told| name == told) || name == FOLDER) {
        let (problem, cure) = (msg!("OUT_NOT_EMPTY"), msg!("OUT_NOT_EMPTY_CURE"));
        return Err(Unusable::new("OUT_NOT_EMPTY", folder.to_string(), problem, cure).into());
    }
    for name in names {
        let path = out.join(&name);
        let unwritable = |error| Said(msg!("CANNOT_REPLACE", file = path.display(), error = why(&error)));
        if name != FOLDER {
            fs::remove_file(&path).map_err(unwritable)?;
            continue;
        }
        if let Err(TryLockError::WouldBlock) = File::open(&path).map_err(unwritable)?.try_lock() {
            let (problem, cure) = (msg!("OUT_IN_USE"), msg!("OUT_NOT_EMPTY_CURE"));
            return Err(Unusable::new("OUT_IN_USE", folder.to_string(), problem, cure).into());
        }
        fs::remove_dir_all(&path).map_err(unwritable)?;
    }
    Ok(())
}

fn names_in(dir: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect()
}
