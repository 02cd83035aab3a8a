//! `tally init`: the group and its first administrator, on an empty store, from the machine that holds its keys. With the
//! group's id it may run again: a job of a cluster does.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;

use anyhow::Result;
use tally_api::identity::v1 as identity;
use tally_kernel::message::Arg;
use tally_kernel::{Message, msg};
use tally_runtime::{Boot, Compute, Config, Trigger, passphrase_in};

use super::settings::{dumped, load};
use super::users::initialised;
use crate::cli::{DONE, Init, UNUSABLE};
use crate::print;
use crate::said::{Said, asked, here, told, wrong_file};
use crate::session::secret_from;
use crate::store_lock::StoreLock;
use crate::suite::{self, Ambient};

/// Makes the group, unless it is the one that the store holds.
pub async fn init(args: Init) -> Result<u8> {
    // What serves later must find what is made now: the settings have to hold for all services of this process.
    load(&args.settings, Vec::new())?;
    let config = load(&args.settings, vec![("server.services".to_owned(), "identity".to_owned())])?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let invitation = match &args.invitation_file {
        Some(file) => secret_from("--invitation-file", file)?,
        None => String::new(),
    };
    let password = match &args.password_file {
        Some(file) => passphrase_in(file).map_err(|why| wrong_file("--password-file", why))?,
        None => line(&msg!("ASK_PASSWORD_TWELVE"))?,
    };
    let ours = StoreLock::take(&config)?;
    let ended = initialise(&config, args, invitation, password).await;
    if ended.is_err() {
        ours.take_back();
    }
    ended
}

async fn initialise(config: &Config, args: Init, invitation: String, password: String) -> Result<u8> {
    let trigger = Trigger::new();
    let boot = Boot {
        address: config.server.listen,
        http: None,
        cache: tally_cache::Cache::memory(),
        compute: Compute::new(config.compute.threads)?,
        shutdown: trigger.shutdown(),
    };
    let ambient = Ambient::default();
    let suite = suite::build(config, &boot, &ambient).await?;
    let Ambient { clock, rng, .. } = ambient;
    let typed = [args.currency.clone(), args.zone.clone(), args.regions.join(",")];
    let ask = identity::InitTenantRequest {
        name: args.name,
        currency: args.currency,
        zone: args.zone,
        regions: args.regions,
        admin_login: args.login.clone(),
        admin_password: password,
        invitation,
        tenant_id: args.tenant_id.map(|id| id.to_string()).unwrap_or_default(),
        ..Default::default()
    };
    let mut client = identity::tenant_service_client::TenantServiceClient::new(suite.channels.identity.clone());
    let made = client.init_tenant(asked(ask)).await.map_err(told);
    if let (Err(error), Some(id)) = (&made, args.tenant_id)
        && initialised(error)
        && tally_identity::was_made(&suite.stores[0], id).await?
    {
        let there = tally_identity::places_of(&suite.stores[0], id, &clock, &rng).await?;
        let differences = there.map(|there| differences(there, typed)).unwrap_or_default();
        if !differences.is_empty() {
            print::note(format_args!(
                "tally: {}",
                here(&msg!("GROUP_DIFFERS", id, differences = Arg::List(differences)))
            ));
            return Ok(UNUSABLE);
        }
        print::line(here(&msg!("GROUP_WAS_MADE", id)));
        return Ok(DONE);
    }
    let tenant = made?.into_inner().tenant.unwrap_or_default();
    for store in &suite.stores {
        store.sequence_now().await?;
    }
    let (name, id, login) = (&tenant.name, &tenant.tenant_id, &args.login);
    print::line(here(&msg!("GROUP_MADE", name, id, login)));
    print::line(here(&msg!("GROUP_NEXT", login)));
    Ok(DONE)
}

/// What the group is, and was typed otherwise. The order of regions says nothing.
fn differences(there: [String; 3], typed: [String; 3]) -> Vec<Message> {
    let parts = |list: &str| list.split(',').map(|part| part.trim().to_owned()).collect::<BTreeSet<_>>();
    let pairs = ["--currency", "--zone", "--regions"].into_iter().zip(there.into_iter().zip(typed));
    let other = pairs.filter(|(_, (there, typed))| parts(there) != parts(typed));
    other.map(|(what, (there, typed))| msg!("GROUP_DIFFERENCE", what, there, typed)).collect()
}

/// The next line of the standard input, a password; asked for when somebody sits there.
pub fn line(prompt: &Message) -> Result<String> {
    if std::io::stdin().is_terminal() {
        print::aside(&here(prompt));
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        return Err(Said(msg!("NO_PASSWORD_GIVEN")).into());
    }
    Ok(password)
}
