//! `tally audit`: looks into the audit log without the services.

use anyhow::Result;
use tally_store::{Keys, Store, StoreConfig};

use super::settings::{dumped, load};
use crate::cli::{Audit, AuditCommand, DONE, FAILED, Settings};
use crate::suite::{PARTS, key_folder, store_url};

/// Does what was asked.
pub async fn audit(args: Audit) -> Result<u8> {
    match args.what {
        AuditCommand::Verify(settings) => verify(settings).await,
    }
}

/// Recomputes every chain; the first entry that is wrong is named.
async fn verify(args: Settings) -> Result<u8> {
    let config = load(&args, Vec::new())?;
    if dumped(&args, &config)? {
        return Ok(DONE);
    }
    let keys = Keys::open(&key_folder(&config).join("seal.key"))?;
    let mut sound = true;
    for part in PARTS.iter().filter(|part| config.server.services.iter().any(|name| name == part.name)) {
        let settings = StoreConfig::new(store_url(&config, part.name)?, part.name, keys.clone());
        let report = Store::open(settings, part.migrations).await?.verify_audit().await?;
        match report.faults.first() {
            None => println!("{}: {} entries, intact", part.name, report.entries),
            Some(first) => {
                sound = false;
                println!(
                    "{}: {} entries, {} faults; the first: {first}",
                    part.name,
                    report.entries,
                    report.faults.len()
                );
            }
        }
    }
    Ok(if sound { DONE } else { FAILED })
}
