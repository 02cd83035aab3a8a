//! Whose import it is: ways to the services, a token and a language.

use std::sync::{Arc, PoisonError, RwLock};

use tally_kernel::Locale;
use tally_rpc::{RpcChannel, bearer};
use tonic::Request;
use tonic::metadata::MetadataValue;

/// Channels to the five services; behind one port they are the same one.
#[derive(Clone, Debug)]
pub struct Channels {
    /// Groups, people, sign-in, grants.
    pub identity: RpcChannel,
    /// Rosters, punches, accounts, occupancy.
    pub attendance: RpcChannel,
    /// Records, cycles, score cards.
    pub performance: RpcChannel,
    /// Pools, settlements, statements.
    pub compensation: RpcChannel,
    /// Profiles.
    pub talent: RpcChannel,
}

impl Channels {
    /// All of them, in the order of the suite's services.
    pub fn all(&self) -> [RpcChannel; 5] {
        [&self.identity, &self.attendance, &self.performance, &self.compensation, &self.talent].map(Clone::clone)
    }
}

/// Somebody who calls rpcs. A clone has the same token, also after it was renewed.
#[derive(Clone)]
pub struct Caller {
    /// Where the services are.
    pub at: Channels,
    token: Arc<RwLock<String>>,
    locale: Locale,
}

impl Caller {
    /// Whoever a token was given to, answered in a language.
    pub fn new(at: Channels, token: &str, locale: Locale) -> Self {
        Self { at, token: Arc::new(RwLock::new(token.to_owned())), locale }
    }

    /// The same, answered in another language.
    #[must_use]
    pub fn speaking(self, locale: Locale) -> Self {
        Self { locale, ..self }
    }

    /// The language of the answers.
    pub fn locale(&self) -> Locale {
        self.locale
    }

    /// Sends another token from now on: one is good for minutes, and an import may last longer.
    pub fn renew(&self, token: &str) {
        token.clone_into(&mut self.token.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The token, for other programs.
    pub fn token(&self) -> String {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A request of theirs.
    pub fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        bearer(&mut request, &self.token.read().unwrap_or_else(PoisonError::into_inner));
        request.metadata_mut().insert("accept-language", MetadataValue::from_static(self.locale.tag()));
        request
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("locale", &self.locale).finish_non_exhaustive()
    }
}
