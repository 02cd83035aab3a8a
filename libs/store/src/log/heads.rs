//! Signed heads outside the database: a file per service, a JSON line per head, only ever appended to. Whoever puts an older
//! database back whole, or cuts its end off together with its head, cannot take these lines along when the file lies
//! where the database's administrators cannot write.
//!
//! Of every stream the newest head is written, at most once a second and when the sequencer ends.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tally_kernel::{Error, Kind, msg};
use uuid::Uuid;

use crate::log::chain::{Log, head_message};
use crate::seal::keys::Keys;

/// The shortest time between two writes.
const EVERY: SignedDuration = SignedDuration::from_secs(1);

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedHead {
    pub service: String,
    /// `audit` or `outbox`.
    pub log: String,
    pub stream: Uuid,
    pub position: i64,
    /// Hex.
    pub chain: String,
    pub key: u32,
    /// Base64.
    pub signature: String,
    pub signed_at: Timestamp,
}

impl SignedHead {
    /// Whether this service's key signed it.
    fn sound(&self, keys: &Keys, service: &str) -> bool {
        let log = Log::ALL.into_iter().find(|log| log.table() == self.log);
        let (Some(log), Ok(chain), Ok(signature)) = (log, hex::decode(&self.chain), STANDARD.decode(&self.signature))
        else {
            return false;
        };
        let message = head_message(service, log, self.stream, self.position, &chain);
        self.service == service && keys.verify(self.key, &message, &signature)
    }
}

/// The file of a service, and the heads that wait to be written.
#[derive(Debug)]
pub(crate) struct HeadsFile {
    path: PathBuf,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    heads: BTreeMap<(String, Uuid), SignedHead>,
    written_at: Option<Timestamp>,
}

impl HeadsFile {
    pub(crate) fn new(directory: &Path, service: &str) -> Self {
        Self { path: path_of(directory, service), waiting: Mutex::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file once, so that it is known before anybody writes whether its folder lets it.
    ///
    /// # Errors
    /// `HEADS_UNWRITABLE`.
    pub(crate) fn check(&self) -> Result<(), Error> {
        open(&self.path).map(drop).map_err(|e| {
            let (file, cause) = (self.path.display(), tally_i18n::io(&e));
            Error::of(Kind::InvalidArgument, msg!("HEADS_UNWRITABLE", file, cause))
        })
    }

    /// Keeps the newest head of each stream for the next write.
    pub(crate) fn add(&self, heads: Vec<SignedHead>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.heads.extend(heads.into_iter().map(|head| ((head.log.clone(), head.stream), head)));
    }

    /// Appends what waits, unless that was done less than a second ago. `all`: in any case.
    pub(crate) fn write(&self, now: Timestamp, all: bool) -> io::Result<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let soon = waiting.written_at.is_some_and(|last| now.duration_since(last) < EVERY);
        if waiting.heads.is_empty() || (soon && !all) {
            return Ok(());
        }
        let mut text = String::new();
        for head in waiting.heads.values() {
            text.push_str(&serde_json::to_string(head)?);
            text.push('\n');
        }
        let mut file = open(&self.path)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        waiting.heads.clear();
        waiting.written_at = Some(now);
        Ok(())
    }
}

fn path_of(directory: &Path, service: &str) -> PathBuf {
    directory.join(format!("{service}.heads"))
}

/// The file, ready to be appended to. A line that a power cut tore is dropped: a later one says more.
fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        let text = std::fs::read(path)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        file.set_len(whole as u64)?;
    }
    Ok(file)
}

/// What a file says: the chain of every stream at some positions, and the first line that cannot be true.
#[derive(Debug, Default)]
pub(crate) struct KnownHeads {
    /// By log and stream, then position: the chain.
    pub streams: BTreeMap<(String, Uuid), BTreeMap<i64, Vec<u8>>>,
    /// Lines that hold.
    pub count: u64,
    /// The first line that is not a head of this service, or goes back: its number and its stream.
    pub bad: Option<(usize, Uuid)>,
}

impl KnownHeads {
    /// Reads the file of a service; there may be none.
    ///
    /// # Errors
    /// `HEADS_UNREADABLE` when it is there and cannot be read.
    pub(crate) fn read(directory: &Path, service: &str, keys: &Keys) -> Result<Self, Error> {
        let path = path_of(directory, service);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Self::parse(&text, service, keys)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(Error::of(
                Kind::FailedPrecondition,
                msg!("HEADS_UNREADABLE", file = path.display(), cause = tally_i18n::io(&e)),
            )),
        }
    }

    fn parse(text: &str, service: &str, keys: &Keys) -> Self {
        let mut known = Self::default();
        for (n, line) in text.lines().enumerate() {
            let head = serde_json::from_str::<SignedHead>(line).ok();
            let stream = head.as_ref().map_or(Uuid::nil(), |head| head.stream);
            let held = head.filter(|head| head.sound(keys, service)).is_some_and(|head| known.take(head));
            if !held && known.bad.is_none() {
                known.bad = Some((n + 1, stream));
            }
        }
        known
    }

    /// Takes a sound head; not one that goes back, or says something else of the same position.
    fn take(&mut self, head: SignedHead) -> bool {
        let Ok(chain) = hex::decode(&head.chain) else { return false };
        let stream = self.streams.entry((head.log, head.stream)).or_default();
        let grows = stream
            .last_key_value()
            .is_none_or(|(last, before)| *last < head.position || (*last == head.position && *before == chain));
        if grows {
            stream.insert(head.position, chain);
            self.count += 1;
        }
        grows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(keys: &Keys, position: i64, chain: u8) -> SignedHead {
        let (stream, chain) = (Uuid::from_u128(1), [chain; 32]);
        let (key, signature) = keys.sign(&head_message("sample", Log::Audit, stream, position, &chain)).unwrap();
        SignedHead {
            service: "sample".to_owned(),
            log: "audit".to_owned(),
            stream,
            position,
            chain: hex::encode(chain),
            key,
            signature: STANDARD.encode(signature),
            signed_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn lines(heads: &[SignedHead]) -> String {
        heads.iter().map(|head| serde_json::to_string(head).unwrap() + "\n").collect()
    }

    #[test]
    fn heads_that_grow_hold_and_the_first_that_does_not_is_named() {
        let keys = Keys::ephemeral();
        let bad = |heads: &[SignedHead]| KnownHeads::parse(&lines(heads), "sample", &keys).bad.map(|(line, _)| line);
        let (two, five) = (head(&keys, 2, 2), head(&keys, 5, 5));
        assert_eq!(bad(&[two.clone(), five.clone()]), None);
        assert_eq!(bad(&[two.clone(), two.clone(), five.clone()]), None, "the same once more says nothing new");
        assert_eq!(bad(&[two.clone(), five.clone(), two.clone()]), Some(3), "an old head again");
        assert_eq!(bad(&[two.clone(), head(&keys, 2, 3), five.clone()]), Some(2), "two chains");
        assert_eq!(bad(&[two.clone(), SignedHead { position: 6, ..five.clone() }]), Some(2), "not what was signed");
        assert_eq!(bad(&[head(&Keys::ephemeral(), 2, 2), five]), Some(1), "another's key");
        assert_eq!(KnownHeads::parse(&lines(&[two]), "other", &keys).bad.map(|(line, _)| line), Some(1));
        assert_eq!(KnownHeads::parse("{}\n", "sample", &keys).bad, Some((1, Uuid::nil())));
    }

    #[test]
    fn the_newest_head_of_a_stream_is_written_once_a_second_and_at_the_end() {
        let (keys, dir) = (Keys::ephemeral(), tempfile::tempdir().unwrap());
        let file = HeadsFile::new(&dir.path().join("heads"), "sample");
        let at = |millis: i64| Timestamp::from_millisecond(millis).unwrap();
        let written = || std::fs::read_to_string(dir.path().join("heads/sample.heads")).unwrap();
        file.add(vec![head(&keys, 1, 1)]);
        file.add(vec![head(&keys, 2, 2)]);
        file.write(at(0), false).unwrap();
        file.add(vec![head(&keys, 3, 3)]);
        file.write(at(999), false).unwrap();
        assert_eq!(written(), lines(&[head(&keys, 2, 2)]));
        file.write(at(1000), false).unwrap();
        file.add(vec![head(&keys, 4, 4)]);
        file.write(at(1001), true).unwrap();
        file.write(at(9000), true).unwrap();
        assert_eq!(written(), lines(&[head(&keys, 2, 2), head(&keys, 3, 3), head(&keys, 4, 4)]));
    }

    #[test]
    fn a_torn_line_is_dropped_by_the_next_write() {
        let (keys, dir) = (Keys::ephemeral(), tempfile::tempdir().unwrap());
        let path = dir.path().join("sample.heads");
        std::fs::write(&path, lines(&[head(&keys, 1, 1)]) + "{\"service\":\"sam").unwrap();
        let file = HeadsFile::new(dir.path(), "sample");
        file.add(vec![head(&keys, 2, 2)]);
        file.write(Timestamp::UNIX_EPOCH, false).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), lines(&[head(&keys, 1, 1), head(&keys, 2, 2)]));
    }
}
