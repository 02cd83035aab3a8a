//! Uploads on disk: what somebody handed in, until it is thrown away or a day is over. Nobody but whoever handed it in sees it.
//!
//! Everything that is known of an upload stands in its folder, so that any process that has the folder can go on with it.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tally_bundle::{Options, Reading, Unusable, read_bundle};
use tally_import::Caller;
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Result, msg};
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::reading::Read;

/// How long an upload is kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Uploads of one person at once.
pub const OF_ONE: usize = 3;
/// Bytes that are sent at once, and that they may have once they are unpacked: two million records. Larger months are for `tally import`.
pub const UPLOAD_MAX: u64 = 256 << 20;
/// Bytes of all uploads together.
const ALL_MAX: u64 = 4 << 30;
/// Readings that are kept in memory: any other is read again when it is looked at.
const READINGS: usize = 8;

/// The files of an upload.
const FILES: &str = "files";
/// What is known of it; written last of what an upload brings.
const ABOUT: &str = "about.json";

/// All of them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Uploads(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Where they are, where somebody said.
    folder: Option<PathBuf>,
    /// Else one of this process alone, made when it is first needed and removed with it.
    own: Mutex<Option<TempDir>>,
    /// Whose imports run here, by upload.
    callers: Mutex<BTreeMap<Uuid, Caller>>,
    /// Bytes of an upload, sent and unpacked.
    most: u64,
    readings: Mutex<VecDeque<(Uuid, Arc<Read>)>>,
    /// One month is read at a time and one imported, since one of the largest takes some 800 MB of memory; more wait.
    reads: Arc<Semaphore>,
    imports: Arc<Semaphore>,
}

/// What is known of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Whose it is.
    pub principal_id: String,
    /// When it came.
    pub at: Timestamp,
    /// The files that were taken.
    pub files: Vec<String>,
    /// Files that are none of a bundle.
    pub others: Vec<String>,
    /// group.yaml is ours: made of what the suite knows of the group.
    pub made_group: bool,
    /// First and last day, where somebody said.
    pub from: Option<Date>,
    /// See `from`.
    pub to: Option<Date>,
}

/// An upload.
#[derive(Clone, Debug)]
pub struct Upload {
    pub id: Uuid,
    pub about: About,
    folder: PathBuf,
}

impl Uploads {
    /// In a folder, which processes may share; without one in a folder of this process alone.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self::of_at_most(folder, UPLOAD_MAX)
    }

    /// The same for uploads of so many bytes.
    pub(super) fn of_at_most(folder: Option<PathBuf>, most: u64) -> Self {
        let (own, callers, readings) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (reads, imports) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(1)));
        Self(Arc::new(Inner { folder, own, callers, most, readings, reads, imports }))
    }

    /// The place in memory for a month that is read, which is waited for.
    pub async fn place_to_read(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.reads).acquire_owned().await.ok()
    }

    /// The same for one that is imported.
    pub async fn place_to_import(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.imports).acquire_owned().await.ok()
    }

    /// Bytes that an upload may have, sent and unpacked.
    pub fn most(&self) -> u64 {
        self.0.most
    }

    fn root(&self) -> Result<PathBuf> {
        if let Some(folder) = &self.0.folder {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(no_place)?;
            return Ok(folder.clone());
        }
        let mut own = self.0.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.is_none() {
            *own = Some(tempfile::Builder::new().prefix("tally-uploads-").tempdir().map_err(no_place)?);
        }
        Ok(own.as_ref().map(|own| own.path().to_owned()).unwrap_or_default())
    }

    /// A place for one more of somebody.
    ///
    /// # Errors
    /// They have as many as they may, or all together have as many bytes; there is no place on the disk.
    pub fn begin(&self, id: Uuid, principal_id: &str, now: Timestamp) -> Result<Beginning> {
        let root = self.root()?;
        self.sweep(now)?;
        if self.of(principal_id)?.len() >= OF_ONE {
            return Err(Error::of(Kind::FailedPrecondition, msg!("BRING_TOO_MANY", count = OF_ONE)));
        }
        if bytes_in(&root) > ALL_MAX - UPLOAD_MAX {
            return Err(Error::of(Kind::ResourceExhausted, msg!("BRING_FULL")));
        }
        let folder = root.join(id.to_string());
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(no_place)?;
        let beginning = Beginning { id, folder, is_whole: false };
        fs::create_dir(beginning.files()).map_err(no_place)?;
        Ok(beginning)
    }

    /// One of somebody's.
    ///
    /// # Errors
    /// There is none of theirs, or none any more.
    pub fn find(&self, id: &str, principal_id: &str) -> Result<Upload> {
        let none = || Error::not_found("upload", id);
        let id: Uuid = id.parse().map_err(|_| none())?;
        let folder = self.root()?.join(id.to_string());
        let about: About = read(&folder, ABOUT).ok_or_else(none)?;
        if about.principal_id == principal_id { Ok(Upload { id, about, folder }) } else { Err(none()) }
    }

    /// All of somebody's, the newest first.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn of(&self, principal_id: &str) -> Result<Vec<Upload>> {
        let mut found = Vec::new();
        for (id, _) in self.ids()? {
            found.extend(self.find(&id.to_string(), principal_id).ok());
        }
        found.sort_by_key(|upload| std::cmp::Reverse(upload.id));
        Ok(found)
    }

    /// Removes those that are older than [`KEPT`].
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn sweep(&self, now: Timestamp) -> Result<()> {
        let kept = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        for (id, folder) in self.ids()? {
            if came_at(&id).is_none_or(|at| at < kept) {
                let _gone_already = fs::remove_dir_all(folder);
            }
        }
        Ok(())
    }

    /// Folders of uploads, whole or not.
    fn ids(&self) -> Result<Vec<(Uuid, PathBuf)>> {
        let entries = fs::read_dir(self.root()?).map_err(no_place)?.flatten();
        Ok(entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))).collect())
    }

    /// Throws an upload away.
    ///
    /// # Errors
    /// The disk cannot be written.
    pub fn discard(&self, upload: &Upload) -> Result<()> {
        self.0.readings.lock().unwrap_or_else(PoisonError::into_inner).retain(|(id, _)| *id != upload.id);
        fs::remove_dir_all(&upload.folder).map_err(no_place)
    }

    /// What was read of an upload, where that is known here.
    pub fn known(&self, upload: &Upload) -> Option<Arc<Read>> {
        let readings = self.0.readings.lock().unwrap_or_else(PoisonError::into_inner);
        readings.iter().find(|(id, _)| *id == upload.id).map(|(_, read)| Arc::clone(read))
    }

    /// Keeps what was read.
    pub fn know(&self, upload: &Upload, read: Read) -> Arc<Read> {
        let read = Arc::new(read);
        let mut readings = self.0.readings.lock().unwrap_or_else(PoisonError::into_inner);
        readings.retain(|(id, _)| *id != upload.id);
        readings.truncate(READINGS - 1);
        readings.push_front((upload.id, Arc::clone(&read)));
        read
    }

    /// Whose import of this upload runs here, if one does.
    pub fn caller(&self, id: Uuid) -> Option<Caller> {
        self.0.callers.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// An import runs here, or nobody's any more.
    pub fn set_caller(&self, id: Uuid, caller: Option<Caller>) {
        let mut callers = self.0.callers.lock().unwrap_or_else(PoisonError::into_inner);
        match caller {
            Some(caller) => callers.insert(id, caller),
            None => callers.remove(&id),
        };
    }
}

impl Upload {
    /// Where its files are.
    pub fn files(&self) -> PathBuf {
        self.folder.join(FILES)
    }

    /// Reads its files. It takes a thread for as long as that takes.
    ///
    /// # Errors
    /// There is nothing sensible to go on with.
    pub async fn reading(&self) -> std::result::Result<Reading, Unusable> {
        let (files, About { from, to, .. }) = (self.files(), self.about.clone());
        let options = Options { from, to, ..Options::default() };
        let reading = tokio::task::spawn_blocking(move || read_bundle(&files, options, &mut |_, _| {})).await;
        reading.unwrap_or_else(|broken| std::panic::resume_unwind(broken.into_panic()))
    }

    /// The path of something that is kept of it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Something that is kept of it, where it is.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        read(&self.folder, name)
    }

    /// Keeps something of it in place of what was.
    ///
    /// # Errors
    /// The disk cannot be written.
    pub fn write(&self, name: &str, what: &impl Serialize) -> Result<()> {
        write(&self.folder, name, what)
    }
}

/// An upload that is coming in: gone again unless it comes to its end.
#[derive(Debug)]
pub struct Beginning {
    pub id: Uuid,
    folder: PathBuf,
    is_whole: bool,
}

impl Beginning {
    /// Where its files go.
    pub fn files(&self) -> PathBuf {
        self.folder.join(FILES)
    }

    /// Where an archive waits until it is unpacked.
    pub fn archive(&self) -> PathBuf {
        self.folder.join("sent.zip")
    }

    /// It is there.
    ///
    /// # Errors
    /// The disk cannot be written.
    pub fn whole(mut self, about: About) -> Result<Upload> {
        write(&self.folder, ABOUT, &about)?;
        self.is_whole = true;
        Ok(Upload { id: self.id, about, folder: self.folder.clone() })
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        if !self.is_whole {
            let _swept_later = fs::remove_dir_all(&self.folder);
        }
    }
}

/// When an upload came, as its id says.
fn came_at(id: &Uuid) -> Option<Timestamp> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(of) if of.is_dir() => bytes_in(&entry.path()),
            Ok(of) => of.len(),
            Err(_) => 0,
        })
        .sum()
}

fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Option<T> {
    serde_json::from_slice(&fs::read(folder.join(name)).ok()?).ok()
}

/// Written beside it and then put in its place, so that nobody reads half of it.
fn write(folder: &Path, name: &str, what: &impl Serialize) -> Result<()> {
    let new = folder.join(format!("{name}.new"));
    fs::write(&new, serde_json::to_vec(what).map_err(Error::internal)?).map_err(no_place)?;
    fs::rename(new, folder.join(name)).map_err(no_place)
}

/// The folder of the uploads cannot be used.
pub fn no_place(error: std::io::Error) -> Error {
    Error::of(Kind::Unavailable, msg!("BRING_NO_PLACE", error = tally_i18n::io(&error))).with_internal(error)
}
