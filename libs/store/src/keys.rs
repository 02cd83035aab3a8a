//! The keys of one service: to seal columns, to bind audit entries to their content, to sign the heads of the logs.
//!
//! One text file, readable by its owner only, a key a line, so that a rotation is one more line:
//!
//! ```text
//! tally-keys 1
//! seal 1 <32 bytes, base64>
//! sign 1 <32 bytes, base64>
//! ```
//!
//! The highest id of a kind is used to write; the others still open and verify what they wrote.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use tally_kernel::{Error, Kind, Rng};
use uuid::Uuid;
use zeroize::Zeroizing;

const HEADER: &str = "tally-keys 1";

type Secret = Zeroizing<[u8; 32]>;

/// See the module's text. Cheap to clone; never printed.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    seal: BTreeMap<u32, Secret>,
    sign: BTreeMap<u32, SigningKey>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(sealed)")
    }
}

impl Keys {
    /// Fresh keys that nobody keeps: for tests and for a demo whose store is thrown away.
    pub fn ephemeral() -> Self {
        Self(Arc::new(Inner {
            seal: BTreeMap::from([(1, Zeroizing::new(Rng::System.bytes()))]),
            sign: BTreeMap::from([(1, SigningKey::from_bytes(&Rng::System.bytes()))]),
        }))
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// `KEYS_UNUSABLE` when it is missing, malformed or readable by others than its owner; the text says what to do.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut text = Zeroizing::new(String::new());
        let mut file = File::open(path).map_err(|e| unusable(path, &e.to_string()))?;
        owner_only(&file, path)?;
        file.read_to_string(&mut text).map_err(|e| unusable(path, &e.to_string()))?;
        Self::parse(&text).map_err(|why| unusable(path, &why))
    }

    /// Reads a key file, or makes one that only its owner can read.
    ///
    /// # Errors
    /// As [`Keys::open`], and when the file cannot be written.
    pub fn open_or_init(path: &Path) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(mut file) => {
                let keys = Self::ephemeral();
                file.write_all(keys.text().as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(|e| unusable(path, &e.to_string()))?;
                Ok(keys)
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Self::open(path),
            Err(e) => Err(unusable(path, &e.to_string())),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(format!("its first line must be \"{HEADER}\""));
        }
        let (mut seal, mut sign) = (BTreeMap::new(), BTreeMap::new());
        for line in lines.filter(|line| !line.trim().is_empty()) {
            let [kind, id, key] = line.split(' ').collect::<Vec<_>>()[..] else {
                return Err("a line must be: kind, id, key".to_owned());
            };
            let id: u32 = id.parse().map_err(|_| format!("\"{id}\" is not a key's id"))?;
            let raw = Zeroizing::new(STANDARD.decode(key).map_err(|_| format!("key {kind} {id} is not base64"))?);
            let key: [u8; 32] = raw.as_slice().try_into().map_err(|_| format!("key {kind} {id} must have 32 bytes"))?;
            let fresh = match kind {
                "seal" => seal.insert(id, Zeroizing::new(key)).is_none(),
                "sign" => sign.insert(id, SigningKey::from_bytes(&key)).is_none(),
                other => return Err(format!("\"{other}\" is not a kind of key")),
            };
            if !fresh {
                return Err(format!("key {kind} {id} is there twice"));
            }
        }
        if seal.is_empty() || sign.is_empty() {
            return Err("it needs at least one seal and one sign key".to_owned());
        }
        Ok(Self(Arc::new(Inner { seal, sign })))
    }

    fn text(&self) -> Zeroizing<String> {
        let seal = self.0.seal.iter().map(|(id, key)| format!("seal {id} {}\n", STANDARD.encode(key.as_slice())));
        let sign = self.0.sign.iter().map(|(id, key)| format!("sign {id} {}\n", STANDARD.encode(key.to_bytes())));
        Zeroizing::new(format!("{HEADER}\n{}{}", seal.collect::<String>(), sign.collect::<String>()))
    }

    /// The id of the key to seal with, and the tenant's own key made from it.
    pub(crate) fn seal_key(&self, tenant: Uuid) -> Option<(u32, Secret)> {
        let (id, master) = self.0.seal.last_key_value()?;
        Some((*id, derive("tally 1 sealed columns", master, tenant)))
    }

    /// The tenant's key made from the key `id`, if that is known.
    pub(crate) fn seal_key_of(&self, id: u32, tenant: Uuid) -> Option<Secret> {
        self.0.seal.get(&id).map(|master| derive("tally 1 sealed columns", master, tenant))
    }

    /// The tenant's key that binds log entries to their content. Made from the first seal key, so that it outlives
    /// rotations: without it nobody can forge an entry that verifies.
    pub(crate) fn content_key(&self, tenant: Uuid) -> Option<Secret> {
        self.0.seal.first_key_value().map(|(_, master)| derive("tally 1 log content", master, tenant))
    }

    /// Signs the head of a log: the key's id and the signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<(u32, [u8; 64])> {
        self.0.sign.last_key_value().map(|(id, key)| (*id, key.sign(message).to_bytes()))
    }

    /// Whether the key `id` signed `message`.
    pub(crate) fn verify(&self, id: u32, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        self.0.sign.get(&id).is_some_and(|key| key.verifying_key().verify_strict(message, &signature).is_ok())
    }
}

fn derive(context: &str, master: &Secret, tenant: Uuid) -> Secret {
    let mut material = Zeroizing::new([0_u8; 48]);
    material[..32].copy_from_slice(master.as_slice());
    material[32..].copy_from_slice(tenant.as_bytes());
    Zeroizing::new(blake3::derive_key(context, material.as_slice()))
}

fn unusable(path: &Path, why: &str) -> Error {
    Error::new(
        Kind::FailedPrecondition,
        "KEYS_UNUSABLE",
        format!(
            "the key file {} cannot be used: {why}. `tally init` makes one; restore it from your backup if data exists",
            path.display()
        ),
    )
}

#[cfg(unix)]
fn owner_only(file: &File, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map_err(|e| unusable(path, &e.to_string()))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(unusable(path, "others than its owner can read it; type: chmod 600 on it"))
}

#[cfg(not(unix))]
fn owner_only(_: &File, _: &Path) -> Result<(), Error> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_round_trips_and_an_added_key_becomes_the_one_to_write_with() {
        let first = Keys::ephemeral();
        let added = format!("{}seal 2 {}\n", first.text().as_str(), STANDARD.encode([7_u8; 32]));
        let second = Keys::parse(&added).unwrap();
        let tenant = Uuid::from_u128(1);
        assert_eq!(second.seal_key(tenant).unwrap().0, 2);
        assert_eq!(second.seal_key_of(1, tenant), first.seal_key_of(1, tenant));
        assert_eq!(second.content_key(tenant), first.content_key(tenant));
    }

    #[test]
    fn a_malformed_file_is_refused_with_its_fault() {
        for (text, fault) in [
            ("", "first line"),
            ("tally-keys 1\n", "at least one"),
            ("tally-keys 1\nseal one AAAA\n", "not a key's id"),
            ("tally-keys 1\nseal 1 AAAA\n", "32 bytes"),
            ("tally-keys 1\nsign 1 %%\n", "not base64"),
            ("tally-keys 1\nkey\n", "a line must be"),
        ] {
            let why = Keys::parse(text).unwrap_err();
            assert!(why.contains(fault), "{text:?} gave {why:?}");
        }
    }

    #[test]
    fn tenants_have_keys_of_their_own() {
        let keys = Keys::ephemeral();
        assert_ne!(keys.seal_key(Uuid::from_u128(1)), keys.seal_key(Uuid::from_u128(2)));
    }

    #[test]
    fn a_signature_holds_for_its_message_and_no_other() {
        let keys = Keys::ephemeral();
        let (id, signature) = keys.sign(b"head 7").unwrap();
        assert!(keys.verify(id, b"head 7", &signature));
        assert!(!keys.verify(id, b"head 8", &signature));
        assert!(!Keys::ephemeral().verify(id, b"head 7", &signature));
    }
}
