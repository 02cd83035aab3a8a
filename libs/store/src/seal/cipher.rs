//! AES-256-GCM-SIV as this crate uses it: a fresh nonce from the operating system before the ciphertext, and a text of
//! where the bytes belong that they open nowhere without.

use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use tally_kernel::Rng;
use zeroize::Zeroizing;

use crate::error::StoreError;

/// A key in memory; overwritten when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

const NONCE: usize = 12;

/// A new key.
pub(crate) fn fresh() -> Secret {
    Zeroizing::new(Rng::System.bytes())
}

/// Nonce and ciphertext with its tag.
pub(crate) fn encrypt(key: &Secret, clear: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, StoreError> {
    let nonce: [u8; NONCE] = Rng::System.bytes();
    let cipher = Aes256GcmSiv::new_from_slice(key.as_slice()).map_err(StoreError::fault)?;
    let sealed =
        cipher.encrypt(&Nonce::from(nonce), Payload { msg: clear, aad: bound_to }).map_err(StoreError::fault)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// What was encrypted, if these bytes are whole, belong here and were made with this key.
pub(crate) fn decrypt(key: &Secret, bytes: &[u8], bound_to: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
    let cipher = Aes256GcmSiv::new_from_slice(key.as_slice()).ok()?;
    let clear = cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: bound_to }).ok()?;
    Some(Zeroizing::new(clear))
}

/// The same for a key.
pub(crate) fn decrypt_key(key: &Secret, bytes: &[u8], bound_to: &[u8]) -> Option<Secret> {
    decrypt(key, bytes, bound_to)?.as_slice().try_into().ok().map(Zeroizing::new)
}
