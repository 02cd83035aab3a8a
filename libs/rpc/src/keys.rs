//! Where the keys that verify tokens come from.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use tally_api::identity::v1::GetJwksRequest;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_kernel::{Error, Kind, Result, msg};
use tokio::sync::Mutex;
use tonic::async_trait;

use crate::channel::RpcChannel;
use crate::layers::Keys;
use crate::status::error_from;
use crate::token::{Jwks, PublicKey};

/// At most one fetch in this time, however many unknown key ids are thrown at us.
const MISS_INTERVAL: Duration = Duration::from_secs(1);
/// A withdrawn key is forgotten after this time.
const REFRESH: Duration = Duration::from_secs(300);
/// How many key ids that nobody has are remembered; beyond, all are forgotten.
const MAX_UNKNOWN: usize = 1_000;

/// Key ids that a source was asked for and did not have. Any other id that is not known may be a key which was made since
/// the source was asked last, and a token signed with it must not be called invalid.
#[derive(Debug, Default)]
pub struct UnknownKeys(HashSet<String>);

impl UnknownKeys {
    /// What to say of an id that is not known while the source may not be asked again for `rest`.
    ///
    /// # Errors
    /// `KEY_NOT_KNOWN_YET` for an id that the source was never asked for.
    pub fn judge(&self, kid: &str, rest: Duration) -> Result<()> {
        if self.0.contains(kid) {
            return Ok(());
        }
        Err(Error::of(Kind::Unavailable, msg!("KEY_NOT_KNOWN_YET")).retry_after(rest))
    }

    /// Notes that the source was just asked because of `kid`; `known` says what it has.
    pub fn note(&mut self, kid: &str, known: impl Fn(&str) -> bool) {
        self.0.retain(|kid| !known(kid));
        if !known(kid) {
            if self.0.len() >= MAX_UNKNOWN {
                self.0.clear();
            }
            self.0.insert(kid.to_owned());
        }
    }
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
    asked: Mutex<Asked>,
}

/// When identity was asked last, and for what in vain.
#[derive(Debug, Default)]
struct Asked {
    at: Option<Instant>,
    unknown: UnknownKeys,
}

impl FetchedKeys {
    /// Asks identity through `channel`.
    pub fn new(channel: RpcChannel) -> Self {
        Self { client: SessionServiceClient::new(channel), known: RwLock::default(), asked: Mutex::default() }
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
        let mut asked = self.asked.lock().await;
        // Somebody else may have fetched while we waited.
        let (found, fresh) = self.known(kid);
        let rest = asked.at.and_then(|at| MISS_INTERVAL.checked_sub(at.elapsed()));
        match (&found, rest) {
            (Some(_), Some(_)) => return Ok(found),
            (Some(_), None) if fresh => return Ok(found),
            (None, Some(rest)) => return asked.unknown.judge(kid, rest).map(|()| None),
            (_, None) => {}
        }
        match (self.fetch().await, found) {
            (Ok(()), _) => {
                asked.at = Some(Instant::now());
                asked.unknown.note(kid, |kid| self.known(kid).0.is_some());
                Ok(self.known(kid).0)
            }
            // Identity is away: a key that was good stays good until somebody says otherwise.
            (Err(error), Some(key)) => {
                tracing::warn!(%error, "keys could not be refreshed");
                asked.at = Some(Instant::now());
                Ok(Some(key))
            }
            (Err(error), None) => Err(error),
        }
    }
}
