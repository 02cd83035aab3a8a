//! The key folder: `NAME.key` holds a service's secret signing keys (see [`open_secret`]); `NAME.pub` beside it is
//! what the others verify by. Identity publishes every `*.pub` as its key set, so adding a service is adding a file.
//!
//! A line of `NAME.key` is a key, `BASE64` or `BASE64 from INSTANT` when it begins to sign later; of `NAME.pub`, `BASE64`
//! or `BASE64 until INSTANT` when its last token is dead by then. [`rotate`] adds a key that signs a minute later: long
//! before, every process has read the files again, and nobody ever meets a token whose key he cannot have.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use tally_kernel::{Clock, Error, Kind, Message, Result, Rng, msg};
use tally_rpc::{Jwks, Keys, PublicKey, SigningKey, SigningKeys, Turn, UnknownKeys};
use tally_store::open_secret;
use zeroize::Zeroizing;

/// How often the folder is looked at for a key that is not known, at most.
const LOOK_INTERVAL: SignedDuration = SignedDuration::from_secs(1);
/// From the publication of a new key to its first token: time for every process to read its folder again.
pub const PUBLISH_AHEAD: SignedDuration = SignedDuration::from_secs(60);
/// From the first token of the next key to the end of the one before: ten minutes that its last token lives, and five
/// for clocks that differ.
const RETIRED_LIFE: SignedDuration = SignedDuration::from_mins(15);

/// A secret key of a folder and the instant from which it signs; the first one's is the beginning of time.
struct Line {
    seed: Zeroizing<[u8; 32]>,
    from: Timestamp,
}

/// The signing keys of `service` in `folder`, the first one made at the first start: a laptop needs no step before it,
/// and a cluster mounts the folder from a secret. Read it again to learn of keys that [`rotate`] added.
///
/// # Errors
/// `KEYS_UNUSABLE` when a file is malformed, readable by strangers, or cannot be written.
pub fn open_or_create(folder: &Path, service: &str, rng: &Rng) -> Result<SigningKeys> {
    fs::create_dir_all(folder).map_err(|e| unusable_folder(folder, &e))?;
    let path = folder.join(format!("{service}.key"));
    let lines = match read_secret(&path) {
        Ok(lines) => {
            refuse_foreign(folder, service, &lines)?;
            lines
        }
        // A key that is made anew takes the place of whatever was published before.
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let lines = vec![Line { seed: Zeroizing::new(rng.bytes()), from: Timestamp::MIN }];
            write_secret(&path, &lines).map_err(|e| unwritable(&path, &e))?;
            lines
        }
        Err(e) => return Err(unreadable(&path, &e)),
    };
    publish(folder, service, &lines)?;
    let key = |line: &Line| SigningKey::from_seed(service, *line.seed);
    let (first, later) = lines.split_first().ok_or_else(|| unusable(&path, msg!("KEY_LINE_MALFORMED.none")))?;
    let later = later.iter().map(|line| Turn { from: line.from, key: key(line) });
    Ok(SigningKeys::new(key(first), later.collect()))
}

/// Gives `service` a new signing key, which begins to sign after [`PUBLISH_AHEAD`], and forgets those whose last token is
/// dead: the instant of the first token.
///
/// # Errors
/// `KEYS_UNUSABLE`; `KEY_ROTATES_ALREADY` while another new key waits for its turn.
pub fn rotate(folder: &Path, service: &str, now: Timestamp, rng: &Rng) -> Result<Timestamp> {
    let path = folder.join(format!("{service}.key"));
    let mut lines = read_secret(&path).map_err(|e| unreadable(&path, &e))?;
    refuse_foreign(folder, service, &lines)?;
    if let Some(waiting) = lines.last().filter(|line| now < line.from) {
        return Err(Error::of(Kind::FailedPrecondition, msg!("KEY_ROTATES_ALREADY", service, from = waiting.from)));
    }
    while lines.get(1).is_some_and(|next| ended(next.from) <= now) {
        lines.remove(0);
    }
    let from = now.checked_add(PUBLISH_AHEAD).map_err(Error::internal)?;
    lines.push(Line { seed: Zeroizing::new(rng.bytes()), from });
    // Others first: a process that dies between the two has published a key that never signs.
    publish(folder, service, &lines)?;
    write_secret(&path, &lines).map_err(|e| unwritable(&path, &e))?;
    Ok(from)
}

/// When the key before one that signs from `from` has no token left.
fn ended(from: Timestamp) -> Timestamp {
    from.checked_add(RETIRED_LIFE).unwrap_or(Timestamp::MAX)
}

fn public(service: &str, line: &Line) -> [u8; 32] {
    SigningKey::from_seed(service, *line.seed).public().bytes
}

/// Refuses a public file of whose keys none belongs to the private file beside it. What cannot be read is written anew.
fn refuse_foreign(folder: &Path, service: &str, lines: &[Line]) -> Result<()> {
    let path = folder.join(format!("{service}.pub"));
    let text = fs::read_to_string(&path).unwrap_or_default();
    let said = text.lines().filter(|line| !line.trim().is_empty()).map(|line| read_line(line, "until"));
    let published = said.map(|said| said.map(|(bytes, _)| bytes)).collect::<std::io::Result<Vec<_>>>();
    let own: Vec<_> = lines.iter().map(|line| public(service, line)).collect();
    match published {
        Ok(published) if !published.is_empty() && !published.iter().any(|key| own.contains(key)) => {
            let private = folder.join(format!("{service}.key"));
            let (file, private) = (path.display(), private.display());
            Err(Error::of(Kind::FailedPrecondition, msg!("KEYS_UNUSABLE.foreign", file, private)))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Writes the public halves, if they are not there as they should be.
fn publish(folder: &Path, service: &str, lines: &[Line]) -> Result<()> {
    let path = folder.join(format!("{service}.pub"));
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        text.push_str(&STANDARD.encode(public(service, line)));
        if let Some(next) = lines.get(index + 1) {
            text.push_str(&format!(" until {}", ended(next.from)));
        }
        text.push('\n');
    }
    if fs::read_to_string(&path).ok().as_deref() == Some(text.as_str()) {
        return Ok(());
    }
    replace(&path, text.as_bytes(), 0o644).map_err(|e| unwritable(&path, &e))
}

fn read_secret(path: &Path) -> std::io::Result<Vec<Line>> {
    let mut file = open_secret(path)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let (bytes, from) = read_line(line, "from")?;
        Ok(Line { seed: Zeroizing::new(bytes), from: from.unwrap_or(Timestamp::MIN) })
    });
    let lines = lines.collect::<std::io::Result<Vec<_>>>()?;
    let in_order = lines.windows(2).all(|two| two[0].from < two[1].from);
    if lines.is_empty() || !in_order { Err(malformed()) } else { Ok(lines) }
}

/// A key, and the instant behind `word` if there is one.
fn read_line(line: &str, word: &str) -> std::io::Result<([u8; 32], Option<Timestamp>)> {
    let mut parts = line.split_whitespace();
    let bytes = Zeroizing::new(STANDARD.decode(parts.next().unwrap_or_default()).map_err(|_| malformed())?);
    let bytes = bytes.as_slice().try_into().map_err(|_| malformed())?;
    match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => Ok((bytes, None)),
        (Some(said), Some(at), None) if said == word => Ok((bytes, Some(at.parse().map_err(|_| malformed())?))),
        _ => Err(malformed()),
    }
}

fn write_secret(path: &Path, lines: &[Line]) -> std::io::Result<()> {
    let mut text = Zeroizing::new(String::new());
    for line in lines {
        text.push_str(&Zeroizing::new(STANDARD.encode(line.seed.as_slice())));
        if line.from > Timestamp::MIN {
            text.push_str(&format!(" from {}", line.from));
        }
        text.push('\n');
    }
    replace(path, text.as_bytes(), 0o600)
}

/// Puts a file in the place of another in one step: whoever reads meanwhile reads one of the two.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(&beside)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| drop(fs::remove_file(&beside)))
}

fn malformed() -> std::io::Error {
    std::io::Error::other(Error::of(Kind::FailedPrecondition, msg!("KEY_LINE_MALFORMED")))
}

/// What is damaged is put back; what is closed, or open to others, is a matter of rights.
fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let cause = tally_i18n::io(error);
    let is_gone = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData);
    if is_gone || cause.reason() == msg!("KEY_LINE_MALFORMED").reason() {
        return unusable(path, cause);
    }
    Error::of(Kind::InvalidArgument, msg!("KEYS_UNUSABLE.closed_signing", file = path.display(), cause))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let (file, cause) = (path.display(), tally_i18n::io(error));
    Error::of(Kind::InvalidArgument, msg!("KEYS_UNUSABLE.unwritable_signing", file, cause))
}

fn unusable_public(path: &Path, error: &std::io::Error) -> Error {
    let (file, cause) = (path.display(), tally_i18n::io(error));
    Error::of(Kind::FailedPrecondition, msg!("KEYS_UNUSABLE.public", file, cause))
}

fn unusable_folder(path: &Path, error: &std::io::Error) -> Error {
    let (file, cause) = (path.display(), tally_i18n::io(error));
    Error::of(Kind::InvalidArgument, msg!("KEYS_UNUSABLE.folder", file, cause))
}

fn unusable(path: &Path, cause: Message) -> Error {
    Error::of(Kind::FailedPrecondition, msg!("KEYS_UNUSABLE.signing", file = path.display(), cause))
}

/// The public keys that identity publishes and verifies by.
#[derive(Debug)]
pub struct KeyRing {
    folder: Option<PathBuf>,
    clock: Clock,
    known: Mutex<Known>,
}

/// What the folder held, when it was looked at, and for which keys in vain.
#[derive(Debug)]
struct Known {
    keys: Vec<Published>,
    at: Timestamp,
    /// When the folder was changed last, as of that look.
    changed: Option<SystemTime>,
    unknown: UnknownKeys,
}

impl Known {
    fn new(keys: Vec<Published>, at: Timestamp, changed: Option<SystemTime>) -> Mutex<Self> {
        Mutex::new(Self { keys, at, changed, unknown: UnknownKeys::default() })
    }
}

/// A public key and when its last token is dead.
#[derive(Clone, Debug)]
struct Published {
    key: PublicKey,
    until: Option<Timestamp>,
}

impl KeyRing {
    /// Fixed keys: one process that made them all itself.
    pub fn fixed(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let keys = keys.into_iter().map(|key| Published { key, until: None }).collect();
        Self { folder: None, clock: Clock::System, known: Known::new(keys, Timestamp::MIN, None) }
    }

    /// Every `*.pub` of a folder, looked at again when an unknown key turns up: services may come later, and keys take
    /// turns.
    ///
    /// # Errors
    /// `KEYS_UNUSABLE` when the folder cannot be read, or publishes a key that does not belong to the private one beside it.
    pub fn folder(folder: &Path, clock: Clock) -> Result<Self> {
        let changed = changed(folder);
        let keys = read_folder(folder)?;
        for owner in keys.iter().map(|published| &published.key.owner).collect::<BTreeSet<_>>() {
            // Mostly only the public halves of others lie here; a private one that is closed says nothing.
            if let Ok(lines) = read_secret(&folder.join(format!("{owner}.key"))) {
                refuse_foreign(folder, owner, &lines)?;
            }
        }
        let known = Known::new(keys, clock.now(), changed);
        Ok(Self { folder: Some(folder.to_owned()), clock, known })
    }

    /// All keys that are good now or will be, fresh from the folder if there is one.
    ///
    /// # Errors
    /// `KEYS_UNUSABLE` when the folder cannot be read.
    pub fn all(&self) -> Result<Jwks> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.look_again(&mut known)?;
        Ok(Jwks(self.good(&known.keys).cloned().collect()))
    }

    fn good<'k>(&self, known: &'k [Published]) -> impl Iterator<Item = &'k PublicKey> {
        let now = self.clock.now();
        known.iter().filter(move |published| published.until.is_none_or(|until| now < until)).map(|p| &p.key)
    }

    fn find(&self, known: &[Published], kid: &str) -> Option<PublicKey> {
        self.good(known).find(|key| key.kid == kid).cloned()
    }

    /// Looks at the folder, or tells how long not to look again: a folder that has changed is looked at at once, since a
    /// service that starts makes its key and calls in the same moment.
    fn look_again(&self, known: &mut Known) -> Result<Option<Duration>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let now = self.clock.now();
        let since = now.duration_since(known.at);
        let changed = changed(folder);
        // A clock that was set back must not keep us from looking.
        if changed == known.changed && !since.is_negative() && since < LOOK_INTERVAL {
            return Ok(Some((LOOK_INTERVAL - since).unsigned_abs()));
        }
        (known.keys, known.at, known.changed) = (read_folder(folder)?, now, changed);
        Ok(None)
    }
}

#[tonic::async_trait]
impl Keys for KeyRing {
    async fn key(&self, kid: &str) -> Result<Option<PublicKey>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = self.find(&known.keys, kid) {
            return Ok(Some(key));
        }
        if let Some(rest) = self.look_again(&mut known)? {
            return known.unknown.judge(kid, rest).map(|()| None);
        }
        let Known { keys, unknown, .. } = &mut *known;
        unknown.note(kid, |kid| self.find(keys, kid).is_some());
        Ok(self.find(keys, kid))
    }
}

/// When a file was put into the folder or taken out of it last.
fn changed(folder: &Path) -> Option<SystemTime> {
    fs::metadata(folder).and_then(|folder| folder.modified()).ok()
}

/// The keys of a folder, by the names of their files.
fn read_folder(folder: &Path) -> Result<Vec<Published>> {
    let mut keys = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| unusable_folder(folder, &e))? {
        let path = entry.map_err(|e| unusable_folder(folder, &e))?.path();
        let Some(owner) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".pub")) else { continue };
        let text = fs::read_to_string(&path).map_err(|e| unusable_public(&path, &e))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (bytes, until) = read_line(line, "until").map_err(|e| unusable_public(&path, &e))?;
            keys.push(Published { key: PublicKey::new(owner, bytes), until });
        }
    }
    keys.sort_by(|a, b| a.key.owner.cmp(&b.key.owner));
    Ok(keys)
}
