//! Where the keys that verify tokens come from.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use tally_api::identity::v1::GetJwksRequest;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_kernel::Result;
use tokio::sync::Mutex;
use tonic::async_trait;

use crate::channel::RpcChannel;
use crate::status::error_from;
use crate::token::{Jwks, PublicKey};

/// At most one fetch in this time, however many unknown key ids are thrown at us.
const MISS_INTERVAL: Duration = Duration::from_secs(1);
/// A withdrawn key is forgotten after this time.
const REFRESH: Duration = Duration::from_secs(300);

/// A source of keys. Identity has its own; every other service fetches identity's.
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// The key of this id, or nothing.
    ///
    /// # Errors
    /// When the source cannot be asked: nobody is let in on a guess.
    async fn key(&self, kid: &str) -> Result<Option<PublicKey>>;
}

/// Keys held in this process: identity's, and those of tests.
#[derive(Debug, Default)]
pub struct LocalKeys(RwLock<Jwks>);

impl LocalKeys {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(RwLock::new(Jwks(keys.into_iter().collect())))
    }

    /// Adds a key.
    pub fn add(&self, key: PublicKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).0.push(key);
    }

    /// All keys, for `SessionService.GetJwks`.
    pub fn all(&self) -> Jwks {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Keys for LocalKeys {
    async fn key(&self, kid: &str) -> Result<Option<PublicKey>> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).find(kid).cloned())
    }
}

/// Keys fetched from identity: once at the first token, again for an unknown key id (rarely) and after five minutes.
#[derive(Debug)]
pub struct FetchedKeys {
    client: SessionServiceClient<RpcChannel>,
    known: RwLock<(Jwks, Option<Instant>)>,
    fetching: Mutex<Option<Instant>>,
}

impl FetchedKeys {
    /// Asks identity through `channel`.
    pub fn new(channel: RpcChannel) -> Self {
        Self { client: SessionServiceClient::new(channel), known: RwLock::default(), fetching: Mutex::new(None) }
    }

    fn known(&self, kid: &str) -> (Option<PublicKey>, bool) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.1.is_some_and(|at| at.elapsed() < REFRESH);
        (known.0.find(kid).cloned(), fresh)
    }

    async fn fetch(&self) -> Result<()> {
        let reply = self.client.clone().get_jwks(GetJwksRequest {}).await.map_err(error_from)?.into_inner();
        let keys = Jwks::from_json(&reply.jwks_json)?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = (keys, Some(Instant::now()));
        Ok(())
    }
}

#[async_trait]
impl Keys for FetchedKeys {
    async fn key(&self, kid: &str) -> Result<Option<PublicKey>> {
        if let (Some(key), true) = self.known(kid) {
            return Ok(Some(key));
        }
        let mut last = self.fetching.lock().await;
        // Somebody else may have fetched while we waited.
        let (found, fresh) = self.known(kid);
        if (found.is_some() && fresh) || last.is_some_and(|at| at.elapsed() < MISS_INTERVAL) {
            return Ok(found);
        }
        let fetched = self.fetch().await;
        match (fetched, found) {
            (Ok(()), _) => {
                *last = Some(Instant::now());
                Ok(self.known(kid).0)
            }
            // Identity is away: a key that was good stays good until somebody says otherwise.
            (Err(error), Some(key)) => {
                tracing::warn!(%error, "keys could not be refreshed");
                *last = Some(Instant::now());
                Ok(Some(key))
            }
            (Err(error), None) => Err(error),
        }
    }
}
