//! `tally serve`: one, some or all services behind a port.

use std::cell::{Cell, RefCell};

use anyhow::Result;
use tally_kernel::{Message, msg};
use tally_runtime::{Boot, Config, Failure, run, stop_signal, telemetry};
use tally_store::Store;

use super::settings::{dumped, load};
use crate::cli::{DONE, Serve};
use crate::print;
use crate::said::here;
use crate::store_lock::StoreLock;
use crate::suite::{self, Ambient};

/// Runs until a stop signal.
pub async fn serve(args: Serve) -> Result<u8> {
    let mut flags = Vec::new();
    if !args.services.is_empty() {
        flags.push(("server.services".to_owned(), args.services.join(",")));
    }
    if let Some(listen) = args.listen {
        flags.push(("server.listen".to_owned(), listen.to_string()));
    }
    if let Some(http) = args.http {
        flags.push(("server.http".to_owned(), http.to_string()));
    }
    let config = load(&args.settings, flags)?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let ours = StoreLock::take(&config)?;
    let is_serving = Cell::new(false);
    let ended = served(&config, args.sample, &is_serving).await;
    if ended.is_err() && !is_serving.get() {
        ours.take_back();
    }
    ended
}

async fn served(config: &Config, sample: bool, is_serving: &Cell<bool>) -> Result<u8> {
    let telemetry = telemetry::init(&config.telemetry, &config.server.services.join("+"))?;
    if sample {
        super::demo::fill(config).await?;
    }
    let hints = RefCell::new(Vec::new());
    let build = async |boot: Boot| {
        let ambient = Ambient::default();
        let suite = suite::build(config, &boot, &ambient).await?;
        let mut noticed = of_groups(config, &suite.stores, &ambient).await?;
        if !boot.cache.answers().await {
            noticed.push(msg!("REDIS_AWAY", at = format!("{:?}", config.redis.url)));
        }
        hints.replace(noticed);
        Ok::<_, Failure>(suite.mounted)
    };
    let scheme = if config.server.tls_certificate.as_os_str().is_empty() { "http" } else { "https" };
    let services = config.server.services.join(", ");
    let ready = |address, http: Option<std::net::SocketAddr>| {
        is_serving.set(true);
        print::line(here(&msg!("SERVING", services, scheme, address)));
        if let Some(http) = http {
            print::line(here(&msg!("SERVING_HTTP", address = http)));
        }
        hints.take().iter().for_each(|hint| print::note(here(hint)));
    };
    let ended = run(config, build, ready, stop_signal()).await;
    telemetry.finish().await;
    ended?;
    Ok(DONE)
}

/// What whoever starts the suite may have forgotten: the group itself, or that the region it serves is none of any group.
async fn of_groups(config: &Config, stores: &[Store], ambient: &Ambient) -> Result<Vec<Message>, Failure> {
    let Some(store) = stores.iter().find(|store| store.service() == tally_identity::SERVICE) else {
        return Ok(Vec::new());
    };
    let Some(known) = tally_identity::regions_of_groups(store, &ambient.clock, &ambient.rng).await? else {
        let is_file = config.database.url.reveal().starts_with("sqlite:");
        return Ok(vec![if is_file { msg!("NO_GROUP_YET") } else { msg!("NO_GROUP_YET.beside") }]);
    };
    let strange = config.server.regions.iter().filter(|region| !known.iter().any(|known| known.as_str() == *region));
    let listed = known.iter().map(|region| region.as_str()).collect::<Vec<_>>().join(", ");
    Ok(strange.map(|region| msg!("REGION_OF_NO_GROUP", region, known = listed)).collect())
}
