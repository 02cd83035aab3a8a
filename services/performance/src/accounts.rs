//! Where accounts belong, as attendance says, remembered: who imports records says region and unit, and must not be able
//! to say a region that the account is not of.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tally_access::{OpContext, Region};
use tally_kernel::error::Kind;
use tally_kernel::id::{AccountId, OrgUnitId, TenantId};
use tally_kernel::{Error, Result, msg};

use crate::peers::Peers;

type Home = (Region, Option<OrgUnitId>);

/// See the module's text.
#[derive(Debug, Default)]
pub struct Accounts(Mutex<HashMap<(TenantId, AccountId), Home>>);

impl Accounts {
    /// Whether the account is of this region and unit. Attendance is asked again for what is not known or has changed.
    ///
    /// # Errors
    /// `NOT_FOUND` for an account that attendance does not know, `ACCOUNT_ELSEWHERE` for one of another region or unit.
    pub async fn check(
        &self,
        peers: &Peers,
        ctx: &OpContext,
        account: AccountId,
        region: &Region,
        unit: Option<OrgUnitId>,
    ) -> Result<()> {
        let said = (region.clone(), unit);
        if self.home(ctx.tenant(), account).is_some_and(|home| home == said) {
            return Ok(());
        }
        let accounts = peers.accounts(ctx).await?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(accounts.into_iter().map(|a| ((ctx.tenant(), a.id), (a.region, a.unit))));
        match known.get(&(ctx.tenant(), account)) {
            Some(home) if *home == said => Ok(()),
            Some((region, unit)) => {
                let unit = unit.map_or_else(|| "none".to_owned(), |unit| unit.to_string());
                Err(Error::of(Kind::InvalidArgument, msg!("ACCOUNT_ELSEWHERE", account, region, unit)))
            }
            None => Err(Error::not_found("account", account)),
        }
    }

    fn home(&self, tenant: TenantId, account: AccountId) -> Option<Home> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(tenant, account)).cloned()
    }
}
