//! A signed-in user of the suite: channels to the services and a token.

use std::ops::Deref;
use std::path::Path;

use anyhow::Result;
use tally_access::PolicyRow;
use tally_api::identity::v1 as identity;
use tally_import::Caller;
pub use tally_import::Channels;
use tally_kernel::{Locale, msg};
use tally_rpc::Network;

use crate::said::{asked, told, wrong_file};
use crate::suite::SERVICES;

/// All services behind one address, such as `http://127.0.0.1:7070`.
pub fn channels_at(address: &str) -> Result<Channels> {
    let channel = Network::of(rpcs()).connect(address)?;
    Ok(Channels {
        identity: channel.clone(),
        attendance: channel.clone(),
        performance: channel.clone(),
        compensation: channel.clone(),
        talent: channel,
    })
}

/// What every service offers.
pub(crate) fn rpcs() -> impl Iterator<Item = &'static PolicyRow> {
    SERVICES.into_iter().flat_map(|part| part.policy)
}

/// Somebody who signed in: a caller, and until when.
#[derive(Clone, Debug)]
pub struct Session {
    caller: Caller,
    /// Whose session it is; empty where only the token is known.
    pub principal_id: String,
    /// Until when the token is good, where that is known.
    pub good_until: jiff::Timestamp,
}

impl Deref for Session {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl Session {
    /// Signs in with a password.
    pub async fn sign_in(at: &Channels, login: &str, password: &str) -> Result<Self> {
        let (login, password) = (login.to_owned(), password.to_owned());
        Self::sign_in_as(at, identity::SignInRequest { login, password, ..Default::default() }).await
    }

    /// Signs in with all that the request holds, such as the code of a second factor.
    pub async fn sign_in_as(at: &Channels, ask: identity::SignInRequest) -> Result<Self> {
        let mut client = identity::session_service_client::SessionServiceClient::new(at.identity.clone());
        let reply = client.sign_in(asked(ask)).await.map_err(told)?.into_inner();
        let until = reply.expires_at.and_then(|at| jiff::Timestamp::new(at.seconds, at.nanos).ok());
        let caller = Caller::new(at.clone(), &reply.access_token, Locale::En);
        Ok(Self { caller, principal_id: reply.principal_id, good_until: until.unwrap_or_default() })
    }

    /// Whoever a token was given to.
    pub fn of_token(at: &Channels, token: &str) -> Self {
        let (principal_id, good_until) = (String::new(), jiff::Timestamp::default());
        Self { caller: Caller::new(at.clone(), token.trim(), Locale::En), principal_id, good_until }
    }

    /// The same session, answered in another language (`en`, `zh-CN`).
    #[must_use]
    pub fn speaking(self, language: &str) -> Self {
        Self { caller: self.caller.speaking(Locale::negotiate(language)), ..self }
    }

    /// The language of the answers.
    pub fn language(&self) -> &'static str {
        self.locale().tag()
    }
}

/// Reads a secret from the first line of the file that a switch names; `-` is the standard input.
pub fn secret_from(switch: &str, path: &Path) -> Result<String> {
    if path == Path::new("-") {
        return Ok(std::io::stdin().lines().next().transpose()?.unwrap_or_default());
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| msg!("CANNOT_READ", file = path.display(), error = tally_i18n::io(&error)))
        .map_err(|why| wrong_file(switch, why))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
