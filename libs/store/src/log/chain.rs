//! What the audit log and the outbox have in common: entries bound to their content, and chains of them.
//!
//! A transaction inserts entries with a content hash and no position. The sequencer numbers committed entries densely
//! within their stream and links each to the one before. The content hash is keyed, so that nobody without the service's
//! key file can write an entry that verifies; the chain is plain, so that anybody can check order and completeness.

use uuid::Uuid;

use crate::error::StoreError;
use crate::names;
use crate::seal::keys::Keys;

/// A hash as the logs keep it.
pub(crate) type Hash = [u8; 32];

/// One of the two logs of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    /// One stream per tenant, so that a tenant's log can be handed over, or erased, whole.
    Audit,
    /// One stream per service, which consumers follow with one cursor.
    Outbox,
}

impl Log {
    pub(crate) const ALL: [Self; 2] = [Self::Audit, Self::Outbox];

    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Audit => names::AUDIT,
            Self::Outbox => names::OUTBOX,
        }
    }

    /// The stream that an entry of `tenant` belongs to: the tenant's, or the nil one.
    pub(crate) fn stream(self, tenant: Uuid) -> Uuid {
        match self {
            Self::Audit => tenant,
            Self::Outbox => Uuid::nil(),
        }
    }
}

/// Binds fields to each other: each with its length, under the tenant's key.
pub(crate) fn content_hash(keys: &Keys, log: Log, tenant: Uuid, fields: &[&[u8]]) -> Result<Hash, StoreError> {
    let key = keys.content_key(tenant).ok_or_else(|| StoreError::fault("no key to bind log entries with"))?;
    let mut hasher = blake3::Hasher::new_keyed(&key);
    for field in [log.table().as_bytes(), tenant.as_bytes()].iter().chain(fields) {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field);
    }
    Ok(*hasher.finalize().as_bytes())
}

/// What the first entry of a stream is linked to.
pub(crate) fn genesis(service: &str, log: Log, stream: Uuid) -> Hash {
    let text = format!("tally log 1|{service}|{}|{stream}", log.table());
    *blake3::hash(text.as_bytes()).as_bytes()
}

/// The link of the entry at `position`.
pub(crate) fn link(before: &Hash, position: i64, content: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before).update(&position.to_le_bytes()).update(content);
    *hasher.finalize().as_bytes()
}

/// What is signed when a stream has grown to `position`.
pub(crate) fn head_message(service: &str, log: Log, stream: Uuid, position: i64, chain: &[u8]) -> Vec<u8> {
    format!("tally head 1|{service}|{}|{stream}|{position}|{}", log.table(), hex::encode(chain)).into_bytes()
}

/// A hash of 32 bytes, or a fault.
pub(crate) fn hash_of(bytes: &[u8]) -> Result<Hash, StoreError> {
    bytes.try_into().map_err(|_| StoreError::fault(format_args!("a hash of {} bytes", bytes.len())))
}

/// The digest of anything: for bodies of requests, inputs and large results.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_cannot_move_between_fields_tenants_or_logs() {
        let keys = Keys::ephemeral();
        let tenant = Uuid::from_u128(1);
        let hash = |log, tenant, fields: &[&[u8]]| content_hash(&keys, log, tenant, fields).unwrap();
        let all = [
            hash(Log::Audit, tenant, &[b"ab", b"c"]),
            hash(Log::Audit, tenant, &[b"a", b"bc"]),
            hash(Log::Outbox, tenant, &[b"ab", b"c"]),
            hash(Log::Audit, Uuid::from_u128(2), &[b"ab", b"c"]),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|b| a != b));
        }
        assert_eq!(all[0], hash(Log::Audit, tenant, &[b"ab", b"c"]));
    }
}
