//! The one signature that tokens have. `jsonwebtoken` takes its cryptography from outside; with its own provider would come
//! RSA and three more curves that no token of ours may use, and their build time.

use ed25519_dalek::{Signature, SignatureError, Signer, SigningKey, Verifier, VerifyingKey};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

/// A key to sign with, from its 32 secret bytes.
pub fn encoding(seed: &[u8; 32]) -> EncodingKey {
    install();
    EncodingKey::from_ed_der(seed)
}

/// A key to verify with, from its 32 public bytes.
pub fn decoding(key: &[u8; 32]) -> DecodingKey {
    install();
    DecodingKey::from_ed_der(key)
}

/// The provider is the process's; whoever makes a key first installs it, and later calls change nothing.
fn install() {
    let _installed_already = PROVIDER.install_default();
}

struct EdDsaSigner(SigningKey);
struct EdDsaVerifier(VerifyingKey);

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let seed = key.as_bytes().try_into().ok().filter(|_| *algorithm == Algorithm::EdDSA).ok_or_else(refused)?;
    Ok(Box::new(EdDsaSigner(SigningKey::from_bytes(seed))))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let bytes = key.try_get_as_bytes()?.try_into().ok().filter(|_| *algorithm == Algorithm::EdDSA);
    let key = VerifyingKey::from_bytes(bytes.ok_or_else(refused)?).map_err(|_| refused())?;
    Ok(Box::new(EdDsaVerifier(key)))
}

fn refused() -> Error {
    ErrorKind::InvalidEddsaKey.into()
}

impl Signer<Vec<u8>> for EdDsaSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.0.sign(message).to_bytes().to_vec())
    }
}

impl JwtSigner for EdDsaSigner {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

impl Verifier<Vec<u8>> for EdDsaVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        self.0.verify_strict(message, &Signature::from_slice(signature)?)
    }
}

impl JwtVerifier for EdDsaVerifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}
