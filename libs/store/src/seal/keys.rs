//! The master keys of one deployment: to wrap the data keys of its stores, to bind log entries to their content, to sign
//! the heads of the logs.
//!
//! Where they come from is the provider's business. Today that is a file; a key management service joins as one more
//! variant of the same enum.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ed25519_dalek::{Signature, Signer as _};
use tally_kernel::{Error, Kind, msg};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::seal::cipher::{self, Secret};
use crate::seal::key_file::KeyFile;
use crate::seal::ring::Ring;

/// See the module's text. Cheap to clone; never printed.
#[derive(Clone)]
pub struct Keys(Arc<KeyProvider>);

/// Where master keys come from.
enum KeyProvider {
    File(KeyFile),
    /// Of this process alone.
    Memory(Ring),
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(sealed)")
    }
}

impl Keys {
    /// Fresh keys that nobody keeps: for tests and for a demo whose store is thrown away.
    pub fn ephemeral() -> Self {
        Self(Arc::new(KeyProvider::Memory(Ring::fresh())))
    }

    /// Reads a key file. The passphrase is that of a protected file.
    ///
    /// # Errors
    /// `KEYS_UNUSABLE` when it is missing, malformed or readable by strangers; `KEYS_PASSPHRASE_MISSING` and
    /// `KEYS_PASSPHRASE_WRONG` for a protected file. The text says what to do.
    pub fn open(path: &Path, passphrase: Option<&str>) -> Result<Self, Error> {
        Ok(Self(Arc::new(KeyProvider::File(KeyFile::open(path, passphrase)?))))
    }

    /// Reads a key file, or makes one that only its owner can read; protected, if there is a passphrase.
    ///
    /// # Errors
    /// As [`Keys::open`], and when the file cannot be written.
    pub fn open_or_init(path: &Path, passphrase: Option<&str>) -> Result<Self, Error> {
        let keys = Self::open_or_fresh(path, passphrase)?;
        keys.keep()?;
        Ok(keys)
    }

    /// Reads a key file; where there is none, new keys that are written nowhere before [`Keys::keep`]: a start that is refused
    /// leaves no file behind that looks like the lost one.
    ///
    /// # Errors
    /// As [`Keys::open`].
    pub fn open_or_fresh(path: &Path, passphrase: Option<&str>) -> Result<Self, Error> {
        Ok(Self(Arc::new(KeyProvider::File(KeyFile::open_or_fresh(path, passphrase)?))))
    }

    /// Makes the file of new keys, which only its owner can read; protected, if there is a passphrase.
    ///
    /// # Errors
    /// `KEYS_UNUSABLE` when it cannot be written.
    pub fn keep(&self) -> Result<(), Error> {
        match &*self.0 {
            KeyProvider::File(file) => file.keep(),
            KeyProvider::Memory(_) => Ok(()),
        }
    }

    /// Protects the file with this passphrase from now on, instead of none or of the one it was opened with. The keys
    /// stay as they are.
    ///
    /// # Errors
    /// `KEYS_UNUSABLE` when the file cannot be replaced; then it is as it was.
    pub fn protect(&self, passphrase: &str) -> Result<(), Error> {
        self.file()?.protect(passphrase)
    }

    /// Adds a master key, with which everything is wrapped from now on: its id.
    ///
    /// # Errors
    /// `KEYS_UNUSABLE` when the file cannot be replaced; then it is as it was.
    pub fn add_master(&self) -> Result<u32, Error> {
        self.file()?.add_master()
    }

    fn file(&self) -> Result<&KeyFile, Error> {
        match &*self.0 {
            KeyProvider::File(file) => Ok(file),
            KeyProvider::Memory(_) => Err(Error::of(Kind::FailedPrecondition, msg!("KEYS_NOT_IN_A_FILE"))),
        }
    }

    fn with<T>(&self, read: impl FnOnce(&Ring) -> T) -> T {
        match &*self.0 {
            KeyProvider::File(file) => read(&file.ring()),
            KeyProvider::Memory(ring) => read(ring),
        }
    }

    /// The id of the newest master key.
    pub(crate) fn newest_master(&self) -> u32 {
        self.with(|ring| ring.wrap.last_key_value().map_or(0, |(id, _)| *id))
    }

    /// Wraps a key with the newest master key: that one's id, and the wrapped key.
    pub(crate) fn wrap(&self, key: &Secret, bound_to: &str) -> Result<(u32, Vec<u8>), StoreError> {
        self.with(|ring| {
            let (id, master) = ring.wrap.last_key_value().ok_or_else(|| StoreError::fault("no master key"))?;
            Ok((*id, cipher::encrypt(master, key.as_slice(), format!("{bound_to}|{id}").as_bytes())?))
        })
    }

    /// Unwraps a key. An id that is not known yet is looked for in the file, at most once a second.
    pub(crate) fn unwrap(&self, id: u32, wrapped: &[u8], bound_to: &str) -> Result<Secret, StoreError> {
        let known = |ring: &Ring| ring.wrap.get(&id).cloned();
        let master = self.with(known).or_else(|| {
            if let KeyProvider::File(file) = &*self.0 {
                file.look_again();
            }
            self.with(known)
        });
        let master = master.ok_or_else(|| {
            StoreError::fault(format_args!(
                "{bound_to}: wrapped with master key {id}, which the key file does not hold"
            ))
        })?;
        cipher::decrypt_key(&master, wrapped, format!("{bound_to}|{id}").as_bytes()).ok_or_else(|| {
            StoreError::fault(format_args!("{bound_to}: does not unwrap: altered, moved, or of another key file"))
        })
    }

    /// The tenant's key that binds log entries to their content. Made from the first key of its kind, so that it
    /// outlives rotations: without it nobody can forge an entry that verifies.
    pub(crate) fn content_key(&self, tenant: Uuid) -> Option<Secret> {
        self.with(|ring| ring.bind.first_key_value().map(|(_, master)| derive("tally 1 log content", master, tenant)))
    }

    /// Signs the head of a log: the key's id and the signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<(u32, [u8; 64])> {
        self.with(|ring| ring.sign.last_key_value().map(|(id, key)| (*id, key.sign(message).to_bytes())))
    }

    /// Whether the key `id` signed `message`.
    pub(crate) fn verify(&self, id: u32, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        self.with(|ring| {
            ring.sign.get(&id).is_some_and(|key| key.verifying_key().verify_strict(message, &signature).is_ok())
        })
    }
}

fn derive(context: &str, master: &Secret, tenant: Uuid) -> Secret {
    let mut material = Zeroizing::new([0_u8; 48]);
    material[..32].copy_from_slice(master.as_slice());
    material[32..].copy_from_slice(tenant.as_bytes());
    Zeroizing::new(blake3::derive_key(context, material.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_key_comes_back_where_it_belongs_and_nowhere_else() {
        let (keys, key) = (Keys::ephemeral(), cipher::fresh());
        let (id, wrapped) = keys.wrap(&key, "here").unwrap();
        assert_eq!(keys.unwrap(id, &wrapped, "here").unwrap(), key);
        assert!(keys.unwrap(id, &wrapped, "there").is_err());
        assert!(keys.unwrap(id + 1, &wrapped, "here").is_err());
        assert!(Keys::ephemeral().unwrap(id, &wrapped, "here").is_err());
    }

    #[test]
    fn tenants_have_content_keys_of_their_own() {
        let keys = Keys::ephemeral();
        assert_ne!(keys.content_key(Uuid::from_u128(1)), keys.content_key(Uuid::from_u128(2)));
    }

    #[test]
    fn a_signature_holds_for_its_message_and_no_other() {
        let keys = Keys::ephemeral();
        let (id, signature) = keys.sign(b"head 7").unwrap();
        assert!(keys.verify(id, b"head 7", &signature));
        assert!(!keys.verify(id, b"head 8", &signature));
        assert!(!Keys::ephemeral().verify(id, b"head 7", &signature));
    }

    #[test]
    fn keys_of_a_process_have_no_file_to_protect_or_to_rotate() {
        let keys = Keys::ephemeral();
        assert_eq!(keys.protect("x").unwrap_err().reason(), "KEYS_NOT_IN_A_FILE");
        assert_eq!(keys.add_master().unwrap_err().reason(), "KEYS_NOT_IN_A_FILE");
    }
}
