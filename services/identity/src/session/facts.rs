//! What others read and write of principals and sessions.

use tally_access::four_eyes::Hands;
use tally_kernel::Result;
use tally_kernel::id::PrincipalId;
use tally_store::ScopedTx;

use super::store;

pub(crate) use super::store::{
    accounts, begin, end, end_all, forget, get, get_tries, insert, list, live, names, of_login, of_person, principals,
    put_password, put_reset_asked, put_tries, put_used, session, session_with_revision, sessions,
};

/// The hands of a principal that acted in its own name, as no right over people can be delegated.
pub(crate) async fn hands(tx: &ScopedTx, principal: PrincipalId) -> Result<Hands> {
    let person = store::get(tx, principal).await?.and_then(|found| found.person());
    Ok(Hands::own(principal, person))
}
