//! What providers say of themselves, kept for a while: where they are asked, and the keys that verify their tokens.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::domain::{Address, Discovered, IdToken, KeySet, Pending, Provider, SsoError};
use super::http::Client;

/// How long what a provider said is believed.
const KEPT_FOR: Duration = Duration::from_secs(3600);
/// At most one question about keys in this time, however many tokens with unknown keys come.
const MISS_INTERVAL: Duration = Duration::from_secs(1);

/// See the module's text.
pub(crate) struct Discovery {
    client: Client,
    kept: std::sync::Mutex<HashMap<String, Entry>>,
}

/// Locked while the provider is asked, so that many sign-ins ask once.
type Entry = Arc<Mutex<Option<Known>>>;

struct Known {
    discovered: Discovered,
    keys: KeySet,
    at: Instant,
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Discovery")
    }
}

impl Discovery {
    /// Nothing known yet.
    pub(crate) fn new(client: Client) -> Self {
        Self { client, kept: std::sync::Mutex::default() }
    }

    fn entry(&self, issuer: &Address) -> Entry {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.entry(issuer.as_str().to_owned()).or_default())
    }

    /// Where a provider is asked.
    pub(crate) async fn of(&self, provider: &Provider) -> Result<Discovered, SsoError> {
        let entry = self.entry(&provider.issuer);
        let mut known = entry.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.at.elapsed() < KEPT_FOR) {
            return Ok(known.discovered.clone());
        }
        let fresh = self.ask(provider).await?;
        Ok(known.insert(fresh).discovered.clone())
    }

    /// A provider's keys; asked for again, though rarely, when none of them could have signed the token.
    pub(crate) async fn keys_for(&self, provider: &Provider, token: &IdToken) -> Result<KeySet, SsoError> {
        let entry = self.entry(&provider.issuer);
        let mut known = entry.lock().await;
        if let Some(known) = known.as_ref() {
            if known.at.elapsed() < KEPT_FOR && known.keys.knows(token) {
                return Ok(known.keys.clone());
            }
            // A provider that took another key this very moment: better late than refused.
            tokio::time::sleep_until((known.at + MISS_INTERVAL).into()).await;
        }
        let fresh = self.ask(provider).await?;
        Ok(known.insert(fresh).keys.clone())
    }

    async fn ask(&self, provider: &Provider) -> Result<Known, SsoError> {
        let at = Instant::now();
        let path = format!("{}/.well-known/openid-configuration", provider.issuer.as_str().trim_end_matches('/'));
        let document = self.client.get(&path.parse().map_err(|_| SsoError::ProviderAway)?).await?;
        let discovered = Discovered::read(&document.body, &provider.issuer)?;
        let keys = KeySet::read(&self.client.get(&discovered.jwks_uri).await?.body)?;
        Ok(Known { discovered, keys, at })
    }

    /// Trades a code for an ID token.
    pub(crate) async fn trade(&self, provider: &Provider, pending: &Pending, code: &str) -> Result<IdToken, SsoError> {
        let discovered = self.of(provider).await?;
        let form = pending.token_request(provider, code);
        let reply = self.client.post(&discovered.token_endpoint, &form, provider.basic().as_deref()).await?;
        match reply.status {
            200 => IdToken::of_response(&reply.body),
            400..=499 => Err(SsoError::TokenRefused("the provider did not take the code")),
            _ => Err(SsoError::ProviderAway),
        }
    }
}
