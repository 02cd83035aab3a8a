//! The session's tokens, renewed before they end.

use sha2::{Digest as _, Sha256};
use tally_api::identity::v1::RefreshSessionRequest;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_kernel::Result;
use tally_kernel::error::Kind;

use super::Visit;
use super::cookies::Session;
use crate::console::told;

/// A token is renewed when it is good for less than this: a page may ask for long.
const EARLY_SECONDS: i64 = 60;

/// The session with a token that is good, and whether it is another one than before; nothing where it has ended.
///
/// # Errors
/// Identity cannot be asked.
pub async fn fresh(visit: &Visit, session: Session) -> Result<Option<(Session, bool)>> {
    if session.until - EARLY_SECONDS > visit.console().clock().now().as_second() {
        return Ok(Some((session, false)));
    }
    // A refresh token works once, and two pages may ask at the same moment: the same id gives both the same answer.
    let request_id = hex::encode(Sha256::digest(&session.refresh));
    let ask = RefreshSessionRequest { request_id, refresh_token: session.refresh.clone() };
    let channel = visit.channel("identity")?;
    match told(SessionServiceClient::new(channel).refresh_session(visit.request(ask))).await {
        Ok(next) => {
            let until = next.expires_at.map_or(0, |at| at.seconds);
            let secret = session.secret;
            Ok(Some((Session { access: next.access_token, refresh: next.refresh_token, until, secret }, true)))
        }
        Err(error) if error.kind() == Kind::Unauthenticated => Ok(None),
        Err(error) => Err(error),
    }
}
