//! `tally audit`: looks into the audit log without the services.

use anyhow::Result;
use tally_store::{AuditReport, Keys, Store, StoreConfig};

use super::settings::{dumped, load};
use crate::cli::{Audit, AuditCommand, DONE, FAILED, Verify};
use crate::suite::{PARTS, heads_folder, key_folder, store_url};

/// Does what was asked.
pub async fn audit(args: Audit) -> Result<u8> {
    match args.what {
        AuditCommand::Verify(args) => verify(args).await,
    }
}

/// Recomputes every chain and looks for the entry of every row; the first of each that is wrong is named.
async fn verify(args: Verify) -> Result<u8> {
    let config = load(&args.settings, Vec::new())?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let keys = Keys::open(&key_folder(&config).join("seal.key"))?;
    let heads = args.heads.or_else(|| heads_folder(&config));
    let mut sound = true;
    for part in PARTS.iter().filter(|part| config.server.services.iter().any(|name| name == part.name)) {
        let settings = StoreConfig::new(store_url(&config, part.name)?, part.name, keys.clone());
        let store = Store::open(settings, part.migrations).await?;
        let report = match &heads {
            Some(folder) => store.verify_audit_with(folder).await?,
            None => store.verify_audit().await?,
        };
        let AuditReport { entries, rows, heads, faults } = report;
        let verdict = if faults.is_empty() { "intact".to_owned() } else { format!("{} faults", faults.len()) };
        println!("{}: {entries} entries, {rows} rows, {heads} exported heads: {verdict}", part.name);
        for fault in &faults {
            sound = false;
            println!("  {fault}");
        }
    }
    Ok(if sound { DONE } else { FAILED })
}
