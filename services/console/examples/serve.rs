//! The console alone, over a suite that is served elsewhere: for whoever builds screens, since nothing but this crate is built anew.
//!
//!     target/debug/tally demo
//!     cargo run -p tally-console --example serve -- http://127.0.0.1:7070 127.0.0.1:8081 2026-03-30T08:00:00Z

use std::error::Error;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tally_console::{Deps, Uploads, routes};
use tally_kernel::{Clock, Rng};
use tally_rpc::Network;
use tokio::net::TcpListener;

const SERVICES: [&str; 5] = ["identity", "attendance", "performance", "compensation", "talent"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let suite = args.next().unwrap_or_else(|| "http://127.0.0.1:7070".to_owned());
    let listener = TcpListener::bind(args.next().unwrap_or_else(|| "127.0.0.1:8081".to_owned())).await?;
    // The clock of the pages stands at an instant where one is given, such as within the month that a demo shows.
    let clock = args.next().map(|at| at.parse().map(Clock::fixed)).transpose()?.unwrap_or_default();
    let channel = Network::of(std::iter::empty()).connect(&suite).map_err(|error| format!("{error:?}"))?;
    let services = SERVICES.map(|name| (name, channel.clone())).to_vec();
    let pages = routes(Deps { services, clock, rng: Rng::System, uploads: Uploads::new(None) });
    tracing::info!(address = ?listener.local_addr()?, suite, "the console");
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(pages.clone());
        tokio::spawn(async move {
            let _over = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
