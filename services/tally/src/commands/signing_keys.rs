//! `tally keys rotate-signing`: a new key to sign tokens with, and nobody notices.

use anyhow::Result;
use tally_kernel::{Clock, Error, Kind, Rng, msg};

use super::settings::{dumped, load};
use crate::cli::{DONE, RotateSigning};
use crate::print;
use crate::said::here;
use crate::suite::{key_folder, signers};

/// Adds the key to the folder; processes that run read it there.
pub fn rotate(args: RotateSigning) -> Result<u8> {
    let config = load(&args.settings, Vec::new())?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let names: Vec<_> = signers().collect();
    if !names.contains(&args.service.as_str()) {
        let (service, services) = (&args.service, names.join(", "));
        return Err(Error::of(Kind::InvalidArgument, msg!("NO_SUCH_SERVICE", service, services)).into());
    }
    let folder = key_folder(&config);
    let from = tally_identity::rotate(&folder, &args.service, Clock::System.now(), &Rng::System)?;
    print::line(here(&msg!("SIGNING_KEY_ROTATED", service = args.service, from)));
    Ok(DONE)
}
