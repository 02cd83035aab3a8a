//! `tally init`: the group and its first administrator, on an empty store, from the machine that holds its keys. With the
//! group's id it may run again: a job of a cluster does.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Result, anyhow, bail};
use tally_api::identity::v1 as identity;
use tally_runtime::{Boot, Compute, Trigger, passphrase_in};

use super::settings::{dumped, load};
use super::users::initialised;
use crate::cli::{DONE, Init};
use crate::session::{secret_from, told};
use crate::suite::{self, Ambient};

/// Makes the group, unless it is the one that the store holds.
pub async fn init(args: Init) -> Result<u8> {
    let config = load(&args.settings, vec![("server.services".to_owned(), "identity".to_owned())])?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let invitation = args.invitation_file.as_deref().map(secret_from).transpose()?.unwrap_or_default();
    let password = match &args.password_file {
        Some(file) => passphrase_in(file).map_err(|why| anyhow!("--password-file: {why}"))?,
        None => line("password (at least 12 characters, shown as you type): ")?,
    };
    let trigger = Trigger::new();
    let boot = Boot {
        address: config.server.listen,
        cache: tally_cache::Cache::memory(),
        compute: Compute::new(config.compute.threads)?,
        shutdown: trigger.shutdown(),
    };
    let suite = suite::build(&config, &boot, &Ambient::default()).await?;
    let ask = identity::InitTenantRequest {
        request_id: String::new(),
        name: args.name,
        currency: args.currency,
        zone: args.zone,
        regions: args.regions,
        admin_login: args.login.clone(),
        admin_password: password,
        invitation,
        tenant_id: args.tenant_id.map(|id| id.to_string()).unwrap_or_default(),
    };
    let mut client = identity::tenant_service_client::TenantServiceClient::new(suite.channels.identity.clone());
    let made = client.init_tenant(ask).await.map_err(told);
    if let (Err(error), Some(id)) = (&made, args.tenant_id)
        && initialised(error)
        && tally_identity::was_made(&suite.stores[0], id).await?
    {
        println!("the group {id} was made in this store before: nothing is changed");
        return Ok(DONE);
    }
    let tenant = made?.into_inner().tenant.unwrap_or_default();
    for store in &suite.stores {
        store.sequence_now().await?;
    }
    println!("made the group {} ({}) with the administrator {}", tenant.name, tenant.tenant_id, args.login);
    println!("next: tally serve, then tally login {}", args.login);
    Ok(DONE)
}

/// The next line of the standard input, a password; asked for when somebody sits there.
pub fn line(prompt: &str) -> Result<String> {
    if std::io::stdin().is_terminal() {
        eprint!("{prompt}");
        std::io::stderr().flush()?;
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        bail!("no password on the standard input: type one, or pipe it in");
    }
    Ok(password)
}
