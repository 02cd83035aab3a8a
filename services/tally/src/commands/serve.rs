//! `tally serve`: one, some or all services behind a port.

use anyhow::Result;
use tally_kernel::msg;
use tally_runtime::{Boot, Failure, run, stop_signal, telemetry};

use super::settings::{dumped, load};
use crate::cli::{DONE, Serve};
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
    let config = load(&args.settings, flags)?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let _ours = StoreLock::take(&config)?;
    let telemetry = telemetry::init(&config.telemetry, &config.server.services.join("+"))?;
    if args.sample {
        super::demo::fill(&config).await?;
    }
    let build = async |boot: Boot| {
        let suite = suite::build(&config, &boot, &Ambient::default()).await?;
        Ok::<_, Failure>(suite.mounted)
    };
    let scheme = if config.server.tls_certificate.as_os_str().is_empty() { "http" } else { "https" };
    let services = config.server.services.join(", ");
    let ready = |address| println!("{}", here(&msg!("SERVING", services, scheme, address)));
    let ended = run(&config, build, ready, stop_signal()).await;
    telemetry.finish().await;
    ended?;
    Ok(DONE)
}
