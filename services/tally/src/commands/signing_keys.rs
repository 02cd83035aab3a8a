//! `tally keys rotate-signing`: a new key to sign tokens with, and nobody notices.

use anyhow::{Result, bail};
use tally_kernel::{Clock, Rng};

use super::settings::{dumped, load};
use crate::cli::{DONE, RotateSigning};
use crate::suite::{SERVICES, key_folder};

/// Adds the key to the folder; processes that run read it there.
pub fn rotate(args: RotateSigning) -> Result<u8> {
    let config = load(&args.settings, Vec::new())?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    if !SERVICES.iter().any(|part| part.name == args.service) {
        let names: Vec<_> = SERVICES.iter().map(|part| part.name).collect();
        bail!("no service is called {}: name one of {}", args.service, names.join(", "));
    }
    let folder = key_folder(&config);
    let from = tally_identity::rotate(&folder, &args.service, Clock::System.now(), &Rng::System)?;
    println!("{}: the new key signs from {from}; the old one is good for what it signed", args.service);
    Ok(DONE)
}
