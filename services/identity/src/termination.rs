//! What ends with an employment, in the same transaction: sessions, grants and delegations of whoever has
//! left already.
//!
//! A last day to come needs nobody: when its midnight has passed in the group's zone, views refuse the sessions and leave
//! out the grants (`views.rs`), and neither comes back when the person does.

use jiff::civil::Date;
use tally_access::{OpContext, Permission};
use tally_kernel::Result;
use tally_kernel::id::PersonId;
use tally_store::UnitOfWork;

use crate::access::domain::{self, AccessError};
use crate::{access, delegation, role, session, tenant};

/// The reason that ended sessions and grants carry.
const REASON: &str = "employment_ended";

/// Ends what a person holds whose last day is `last_day`, if that day is over: how many sessions, grants and delegations.
///
/// # Errors
/// `LAST_ADMINISTRATOR` when nobody could give roles any more, now or from that day on.
pub(crate) async fn take_hold(work: &UnitOfWork, ctx: &OpContext, person: PersonId, last_day: Date) -> Result<u64> {
    let Some(principal) = session::facts::of_person(work, person).await? else { return Ok(0) };
    let today = tenant::facts::today(work, ctx).await?;
    let roles = role::facts::all(work).await?;
    let admins = access::facts::with_roles(work, &roles.giving(Permission::GrantAny)).await?;
    let makes = |grant: &domain::Grant| domain::makes_administrator(&grant.assignment, &roles, today);
    let admins: Vec<_> = admins.into_iter().filter(makes).collect();
    if !admins.is_empty() && admins.iter().all(|grant| grant.principal == principal.id) {
        return Err(AccessError::LastAdministrator.into());
    }
    if last_day >= today {
        return Ok(0);
    }
    let mut ended = session::facts::end_all(work, ctx, principal.id, None, REASON).await?;
    for grant in access::facts::of(work, principal.id).await? {
        access::facts::revoke(work, ctx, grant.id, REASON).await?;
        ended += 1;
    }
    ended += delegation::facts::end_all(work, ctx, principal.id).await?;
    Ok(ended)
}
