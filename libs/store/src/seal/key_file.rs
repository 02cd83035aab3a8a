//! The key file: one text file, a secret (see [`open_secret`]), a key a line, so that a rotation is one more line.
//!
//! ```text
//! tally-keys 2
//! wrap 1 <32 bytes, base64>
//! bind 1 <32 bytes, base64>
//! sign 1 <32 bytes, base64>
//! ```
//!
//! A protected file says so in its first line, `tally-keys 2 argon2id MEMORY PASSES SALT`, and its keys are encrypted under
//! what argon2id makes of the passphrase. The file is only ever replaced as a whole.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use tally_kernel::{Error, Kind, Message, Rng, msg};
use zeroize::Zeroizing;

use crate::seal::cipher::{self, Secret};
use crate::seal::ring::Ring;
use crate::seal::secret_file::open_secret;

const HEADER: &str = "tally-keys 2";
/// How often the file is read again for a key that is not known, at most.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// What a guess of the passphrase costs: 64 MiB, three passes.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
/// A header that asks for more is not ours.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 64;

/// A key file that was read.
pub(crate) struct KeyFile {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    ring: Arc<Ring>,
    passphrase: Option<Zeroizing<String>>,
    lock: Option<Lock>,
    /// Whether the keys are in the file; those of a first start are not, until somebody says so.
    kept: bool,
    looked: Instant,
}

/// What a protected file is locked with.
#[derive(Clone, PartialEq, Eq)]
struct Lock {
    memory_kib: u32,
    passes: u32,
    salt: [u8; 16],
    key: Secret,
}

/// What stands in the way of a file's keys.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Malformed(Message),
    PassphraseMissing,
    PassphraseWrong,
}

impl From<Message> for Fault {
    fn from(why: Message) -> Self {
        Self::Malformed(why)
    }
}

impl KeyFile {
    pub(crate) fn open(path: &Path, passphrase: Option<&str>) -> Result<Self, Error> {
        let text = read(path)?;
        let (ring, lock) = parse(&text, passphrase, None).map_err(|fault| fault.at(path))?;
        if lock.is_none() && passphrase.is_some() {
            tracing::warn!(file = %path.display(), "a passphrase is set, but the key file is not protected: run `tally keys protect`");
        }
        Ok(Self::of(path, ring, passphrase, lock, true))
    }

    /// The keys of the file; where there is none, new ones that are in no file before [`keep`](Self::keep).
    pub(crate) fn open_or_fresh(path: &Path, passphrase: Option<&str>) -> Result<Self, Error> {
        if path.exists() {
            return Self::open(path, passphrase);
        }
        let lock = passphrase.map(Lock::fresh).transpose().map_err(|why| unusable(path, why))?;
        Ok(Self::of(path, Ring::fresh(), passphrase, lock, false))
    }

    /// Puts new keys into their file. Where another process has made it meanwhile, that one's are taken.
    pub(crate) fn keep(&self) -> Result<(), Error> {
        let mut state = self.state();
        if state.kept {
            return Ok(());
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        owned(&mut options);
        match options.open(&self.path) {
            Ok(mut file) => {
                let text = write(&state.ring, state.lock.as_ref()).map_err(|why| unusable(&self.path, why))?;
                let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
                written.map_err(|e| unwritable(&self.path, &e))?;
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists => self.reread(&mut state)?,
            Err(e) => return Err(unwritable(&self.path, &e)),
        }
        state.kept = true;
        Ok(())
    }

    fn of(path: &Path, ring: Ring, passphrase: Option<&str>, lock: Option<Lock>, kept: bool) -> Self {
        let passphrase = passphrase.map(|text| Zeroizing::new(text.to_owned()));
        let state = State { ring: Arc::new(ring), passphrase, lock, kept, looked: Instant::now() };
        Self { path: path.to_owned(), state: Mutex::new(state) }
    }

    pub(crate) fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.state().ring)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the file again, unless that was done within the last second. What cannot be read changes nothing.
    pub(crate) fn look_again(&self) {
        let mut state = self.state();
        if state.looked.elapsed() < LOOK_INTERVAL {
            return;
        }
        state.looked = Instant::now();
        if let Err(error) = self.reread(&mut state) {
            tracing::warn!(?error, "the key file has changed and cannot be read; the keys known so far stay in use");
        }
    }

    fn reread(&self, state: &mut State) -> Result<(), Error> {
        let text = read(&self.path)?;
        let passphrase = state.passphrase.as_deref().map(String::as_str);
        let (ring, lock) = parse(&text, passphrase, state.lock.as_ref()).map_err(|fault| fault.at(&self.path))?;
        (state.ring, state.lock) = (Arc::new(ring), lock);
        Ok(())
    }

    pub(crate) fn protect(&self, passphrase: &str) -> Result<(), Error> {
        self.change(|state| {
            state.lock = Some(Lock::fresh(passphrase)?);
            state.passphrase = Some(Zeroizing::new(passphrase.to_owned()));
            Ok(())
        })
    }

    pub(crate) fn add_master(&self) -> Result<u32, Error> {
        self.change(|state| {
            let mut ring = (*state.ring).clone();
            let id = ring.wrap.last_key_value().map_or(1, |(id, _)| id + 1);
            ring.wrap.insert(id, cipher::fresh());
            state.ring = Arc::new(ring);
            Ok(id)
        })
    }

    /// Changes the file as it is now: one process at a time, and after a power cut it is the old one or the new one.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> Result<T, Message>) -> Result<T, Error> {
        let fault = |e: &std::io::Error| unwritable(&self.path, e);
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let turn = File::open(folder).map_err(|e| fault(&e))?;
        turn.lock().map_err(|e| fault(&e))?;
        let mut state = self.state();
        self.reread(&mut state)?;
        let mut next = State {
            ring: Arc::clone(&state.ring),
            passphrase: state.passphrase.clone(),
            lock: state.lock.clone(),
            kept: true,
            looked: Instant::now(),
        };
        let done = change(&mut next).map_err(|why| unusable(&self.path, why))?;
        let text = write(&next.ring, next.lock.as_ref()).map_err(|why| unusable(&self.path, why))?;
        let beside = self.path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        owned(&mut options);
        let mut file = options.open(&beside).map_err(|e| fault(&e))?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        let renamed = written.and_then(|()| std::fs::rename(&beside, &self.path)).and_then(|()| turn.sync_all());
        renamed.map_err(|e| fault(&e))?;
        *state = next;
        Ok(done)
    }
}

impl Lock {
    fn fresh(passphrase: &str) -> Result<Self, Message> {
        Self::of(passphrase, MEMORY_KIB, PASSES, Rng::System.bytes())
    }

    fn of(passphrase: &str, memory_kib: u32, passes: u32, salt: [u8; 16]) -> Result<Self, Message> {
        let system = |e: argon2::Error| msg!("IO_OTHER", cause = e);
        let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(system)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &salt, key.as_mut_slice())
            .map_err(system)?;
        Ok(Self { memory_kib, passes, salt, key })
    }

    /// The lock that a first line describes; one that is known already is not made again.
    fn described(words: &[&str], passphrase: Option<&str>, known: Option<&Self>) -> Result<Self, Fault> {
        let malformed = || msg!("KEY_FILE_MALFORMED.lock");
        let ["argon2id", memory, passes, salt] = words else { return Err(malformed().into()) };
        let number = |text: &str, most| text.parse().ok().filter(|n| (1..=most).contains(n)).ok_or_else(malformed);
        let (memory_kib, passes) = (number(memory, MOST_MEMORY_KIB)?, number(passes, MOST_PASSES)?);
        let salt = STANDARD.decode(salt).ok().and_then(|salt| salt.try_into().ok()).ok_or_else(malformed)?;
        let passphrase = passphrase.ok_or(Fault::PassphraseMissing)?;
        match known {
            Some(lock) if (lock.memory_kib, lock.passes, lock.salt) == (memory_kib, passes, salt) => Ok(lock.clone()),
            _ => Ok(Self::of(passphrase, memory_kib, passes, salt)?),
        }
    }
}

fn parse(text: &str, passphrase: Option<&str>, known: Option<&Lock>) -> Result<(Ring, Option<Lock>), Fault> {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let Some(words) = first.strip_prefix(HEADER) else {
        return Err(msg!("KEY_FILE_MALFORMED", header = HEADER).into());
    };
    let words: Vec<&str> = words.split_whitespace().collect();
    let lock = if words.is_empty() { None } else { Some(Lock::described(&words, passphrase, known)?) };
    let mut ring = Ring { wrap: [].into(), bind: [].into(), sign: [].into() };
    let (mut opened, mut shut) = (0, None);
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let [kind, id, key] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(msg!("KEY_FILE_MALFORMED.line").into());
        };
        let id: u32 = id.parse().map_err(|_| msg!("KEY_FILE_MALFORMED.id", id))?;
        let raw = Zeroizing::new(STANDARD.decode(key).map_err(|_| msg!("KEY_FILE_MALFORMED.base64", kind, id))?);
        let key: Secret = match &lock {
            None => raw
                .as_slice()
                .try_into()
                .map(Zeroizing::new)
                .map_err(|_| msg!("KEY_FILE_MALFORMED.length", kind, id))?,
            Some(lock) => match cipher::decrypt_key(&lock.key, &raw, bound_to(kind, id).as_bytes()) {
                Some(key) => key,
                None => {
                    shut = shut.or_else(|| Some(msg!("KEY_FILE_MALFORMED.damaged", kind, id)));
                    continue;
                }
            },
        };
        opened += 1;
        let fresh = match kind {
            "wrap" => ring.wrap.insert(id, key).is_none(),
            "bind" => ring.bind.insert(id, key).is_none(),
            "sign" => ring.sign.insert(id, SigningKey::from_bytes(&key)).is_none(),
            other => return Err(msg!("KEY_FILE_MALFORMED.kind", kind = other).into()),
        };
        if !fresh {
            return Err(msg!("KEY_FILE_MALFORMED.twice", kind, id).into());
        }
    }
    match shut {
        Some(_) if opened == 0 => Err(Fault::PassphraseWrong),
        Some(why) => Err(why.into()),
        None if ring.wrap.is_empty() || ring.bind.is_empty() || ring.sign.is_empty() => {
            Err(msg!("KEY_FILE_MALFORMED.few").into())
        }
        None => Ok((ring, lock)),
    }
}

fn write(ring: &Ring, lock: Option<&Lock>) -> Result<Zeroizing<String>, Message> {
    let mut text = Zeroizing::new(HEADER.to_owned());
    if let Some(lock) = lock {
        let salt = STANDARD.encode(lock.salt);
        text.push_str(&format!(" argon2id {} {} {salt}", lock.memory_kib, lock.passes));
    }
    let wrap = ring.wrap.iter().map(|(id, key)| ("wrap", id, key.clone()));
    let bind = ring.bind.iter().map(|(id, key)| ("bind", id, key.clone()));
    let sign = ring.sign.iter().map(|(id, key)| ("sign", id, Zeroizing::new(key.to_bytes())));
    for (kind, id, key) in wrap.chain(bind).chain(sign) {
        let key = match lock {
            None => Zeroizing::new(STANDARD.encode(key.as_slice())),
            Some(lock) => {
                let sealed = cipher::encrypt(&lock.key, key.as_slice(), bound_to(kind, *id).as_bytes());
                Zeroizing::new(STANDARD.encode(sealed.map_err(|_| msg!("KEY_FILE_MALFORMED.damaged", kind, id))?))
            }
        };
        text.push_str(&format!("\n{kind} {id} {}", key.as_str()));
    }
    text.push('\n');
    Ok(text)
}

fn bound_to(kind: &str, id: u32) -> String {
    format!("{HEADER}|{kind}|{id}")
}

fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    let mut text = Zeroizing::new(String::new());
    let mut file = open_secret(path).map_err(|e| unreadable(path, &e))?;
    file.read_to_string(&mut text).map_err(|e| unreadable(path, &e))?;
    Ok(text)
}

impl Fault {
    fn at(self, path: &Path) -> Error {
        let file = path.display();
        let message = match self {
            Self::Malformed(why) => return unusable(path, why),
            Self::PassphraseMissing => msg!("KEYS_PASSPHRASE_MISSING", file),
            Self::PassphraseWrong => msg!("KEYS_PASSPHRASE_WRONG", file),
        };
        Error::of(Kind::InvalidArgument, message)
    }
}

/// What the file holds is no setting; where it lies, and who may open it, is.
fn unusable(path: &Path, cause: Message) -> Error {
    Error::of(Kind::FailedPrecondition, msg!("KEYS_UNUSABLE", file = path.display(), cause))
}

/// Where there is none the cure is another one than where somebody else can read it.
fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let file = path.display();
    let message = match error.kind() {
        ErrorKind::NotFound => msg!("KEYS_UNUSABLE.missing", file),
        _ => msg!("KEYS_UNUSABLE.closed", file, cause = tally_i18n::io(error)),
    };
    Error::of(Kind::InvalidArgument, message)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let (file, cause) = (path.display(), tally_i18n::io(error));
    Error::of(Kind::InvalidArgument, msg!("KEYS_UNUSABLE.unwritable", file, cause))
}

#[cfg(unix)]
fn owned(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn owned(_: &mut OpenOptions) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap(passphrase: &str) -> Lock {
        Lock::of(passphrase, 64, 1, [7; 16]).unwrap()
    }

    fn fault(text: &str, passphrase: Option<&str>) -> Fault {
        parse(text, passphrase, None).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_file_round_trips_with_and_without_a_passphrase() {
        let ring = Ring::fresh();
        for lock in [None, Some(cheap("open sesame"))] {
            let text = write(&ring, lock.as_ref()).unwrap();
            let (read, found) = parse(&text, Some("open sesame"), None).unwrap();
            assert_eq!((&read.wrap, &read.bind), (&ring.wrap, &ring.bind));
            assert_eq!(read.sign[&1].to_bytes(), ring.sign[&1].to_bytes());
            assert!(found == lock);
        }
    }

    #[test]
    fn a_malformed_file_is_refused_with_its_fault() {
        for (text, expected) in [
            ("", "first line"),
            ("tally-keys 2\n", "at least one"),
            ("tally-keys 2\nwrap one AAAA\n", "not a key's id"),
            ("tally-keys 2\nwrap 1 AAAA\n", "32 bytes"),
            ("tally-keys 2\nsign 1 %%\n", "not base64"),
            ("tally-keys 2\nkey\n", "a line must be"),
            ("tally-keys 2 rot13\n", "how it is protected"),
            ("tally-keys 2 argon2id 99999999 1 AAAA\n", "how it is protected"),
        ] {
            let Fault::Malformed(why) = fault(text, Some("x")) else { panic!("{text:?}") };
            let told = tally_i18n::text(tally_kernel::Locale::En, &why);
            assert!(told.contains(expected), "{text:?} gave {told:?}");
        }
    }

    #[test]
    fn a_protected_file_holds_no_key_in_clear_and_wants_its_passphrase() {
        let (ring, lock) = (Ring::fresh(), cheap("open sesame"));
        let text = write(&ring, Some(&lock)).unwrap();
        for key in [&ring.wrap[&1], &ring.bind[&1]] {
            assert!(!text.contains(&STANDARD.encode(key.as_slice())));
        }
        assert_eq!(fault(&text, None), Fault::PassphraseMissing);
        assert_eq!(fault(&text, Some("Open sesame")), Fault::PassphraseWrong);
    }

    #[test]
    fn a_damaged_line_and_swapped_lines_are_told_from_a_wrong_passphrase() {
        let text = write(&Ring::fresh(), Some(&cheap("open sesame"))).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let swapped = text.replace("wrap 1", "? 1").replace("bind 1", "wrap 1").replace("? 1", "bind 1");
        let cut = text.replace(lines[2], &lines[2].replacen(&lines[2][20..24], "AAAA", 1));
        for text in [swapped, cut] {
            let damaged = msg!("KEY_FILE_MALFORMED.damaged", kind = "bind", id = 1);
            assert_eq!(fault(&text, Some("open sesame")), Fault::Malformed(damaged));
        }
    }
}
