//! Texts that a service signs with the key of its tokens, for readers who have nothing but its public key: files that leave
//! a stack. What a signature is for is signed with the text, so that it is never taken for that of a token.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};

use crate::token::{PublicKey, SigningKey};

fn message(purpose: &str, text: &str) -> Vec<u8> {
    [purpose.as_bytes(), b"\0", text.as_bytes()].concat()
}

/// The line that shows that `key` signed `text` for `purpose`: the key's id and the signature.
pub fn sign(key: &SigningKey, purpose: &str, text: &str) -> String {
    let signature = key.sign_bytes(&message(purpose, text));
    format!("{} {}", key.public().kid, URL_SAFE_NO_PAD.encode(signature))
}

/// Whether the line was made by [`sign`] with one of these keys, for this purpose and text.
pub fn signed_by(keys: &[PublicKey], purpose: &str, text: &str, line: &str) -> bool {
    let Some((kid, signature)) = line.split_once(' ') else { return false };
    let Some(key) = keys.iter().find(|key| key.kid == kid) else { return false };
    let Ok(key) = VerifyingKey::from_bytes(&key.bytes) else { return false };
    let signature = URL_SAFE_NO_PAD.decode(signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
    signature.is_some_and(|signature| key.verify_strict(&message(purpose, text), &signature).is_ok())
}

/// The public keys in the text of a copy of another stack's `NAME.pub`: a key in base64 at the beginning of each line, also
/// of those that are retired. Nothing where it holds something else.
pub fn public_keys(owner: &str, text: &str) -> Option<Vec<PublicKey>> {
    let key = |line: &str| {
        let bytes = STANDARD.decode(line.split_whitespace().next()?).ok()?.try_into().ok()?;
        Some(PublicKey::new(owner, bytes))
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(key).collect()
}

#[cfg(test)]
mod tests {
    use tally_kernel::Rng;

    use super::*;

    #[test]
    fn a_signature_holds_for_its_key_purpose_and_text_alone() {
        let rng = Rng::seeded(1);
        let (key, other) = (SigningKey::generate("performance", &rng), SigningKey::generate("performance", &rng));
        let keys = [other.public().clone(), key.public().clone()];
        let line = sign(&key, "transfer", "text");
        assert!(signed_by(&keys, "transfer", "text", &line));
        assert!(!signed_by(&keys[..1], "transfer", "text", &line), "the key is not known");
        assert!(!signed_by(&keys, "transfers", "text", &line) && !signed_by(&keys, "transfer", "texts", &line));
        let under_another_name = line.replace(&key.public().kid, &other.public().kid);
        assert!(!signed_by(&keys, "transfer", "text", &under_another_name));
        for broken in ["", "x", &format!("{} x", key.public().kid)] {
            assert!(!signed_by(&keys, "transfer", "text", broken), "{broken:?}");
        }
    }

    #[test]
    fn a_copy_of_a_key_file_is_read_with_its_retired_keys() {
        let [a, b] = [1, 2].map(|seed| SigningKey::generate("performance", &Rng::seeded(seed)).public().clone());
        let line = |key: &PublicKey| STANDARD.encode(key.bytes);
        let text = format!("{} until 2026-03-01T00:00:00Z\n{}\n", line(&a), line(&b));
        assert_eq!(public_keys("performance", &text), Some(vec![a, b]));
        assert_eq!(public_keys("performance", "nonsense\n"), None);
    }
}
