//! `tally invite`: lets one more group into a store, by whoever holds identity's key.

use anyhow::Result;
use tally_kernel::id::TenantId;
use tally_kernel::{Clock, Rng, msg};
use tally_runtime::ConfigError;

use super::settings::{dumped, load};
use crate::cli::{DONE, Invite};
use crate::print;
use crate::said::here;
use crate::suite::{data_folder, key_folder};

/// Prints the invitation alone on the standard output, so that it can be put into a file.
pub fn invite(args: Invite) -> Result<u8> {
    let config = load(&args.settings, Vec::new())?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    if data_folder(&config).is_some() {
        let key = "database.url".to_owned();
        return Err(ConfigError { key, message: msg!("INVITE_ONE_GROUP") }.into());
    }
    let (now, rng) = (Clock::System.now(), Rng::System);
    let keys = tally_identity::open_or_create(&key_folder(&config), tally_rpc::IDENTITY, &rng)?;
    let tenant = args.tenant_id.unwrap_or_else(|| TenantId(rng.uuid(now)));
    print::line(tally_identity::invite(&keys.at(now), tenant, now, args.days)?);
    print::note(here(&msg!("INVITED", tenant, days = args.days)));
    Ok(DONE)
}
