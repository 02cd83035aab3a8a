//! The web console: pages for people, made here from the answers of the public rpcs, asked as whoever reads.
//!
//! It holds no rule of the business and no data: what a reader may see is what the rpcs tell them. Pages are HTML that works with links and
//! forms alone; scripts make them quicker.
//!
//! The rooms from below to above: each stands on those before it alone (`cargo xtask tidy` holds this).
//!
//! - done: assets, format, ui, console, visit, names, act, signin, join, home, gallery, mine, team, people, structure, cycles, pay, audit, access, platform, bring
//!
//! Architecture invariant: a page asks rpcs through generated clients with the reader's token, and nothing else; what a template writes is
//! escaped, always.

mod access;
mod act;
mod assets;
mod audit;
mod bring;
mod console;
mod cycles;
mod format;
mod gallery;
mod home;
mod join;
mod mine;
mod names;
mod pay;
mod people;
mod platform;
mod signin;
mod structure;
mod team;
mod ui;
mod visit;

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use http::{Response, Uri};
use tally_kernel::{Clock, Rng};
use tally_rpc::RpcChannel;

use console::Console;
use ui::screens::Screen;

/// What the console is made of.
pub struct Deps {
    /// Ways to the services, by their names.
    pub services: Vec<(&'static str, RpcChannel)>,
    /// Tells the time.
    pub clock: Clock,
    /// Gives what nobody can guess.
    pub rng: Rng,
    /// Where months wait that somebody handed in as files.
    pub uploads: Uploads,
}

pub use bring::Uploads;

/// In the order of the navigation.
static SCREENS: LazyLock<Vec<Screen>> = LazyLock::new(|| {
    [
        mine::SCREENS,
        team::SCREENS,
        people::SCREENS,
        structure::SCREENS,
        cycles::SCREENS,
        pay::SCREENS,
        audit::SCREENS,
        access::SCREENS,
        platform::SCREENS,
        bring::SCREENS,
    ]
    .concat()
});

/// All pages of the console, and the files that they load.
pub fn routes(deps: Deps) -> Router {
    let console = Console::new(deps.services, (deps.clock, deps.rng), &SCREENS);
    let pages = Router::new()
        .merge(signin::routes())
        .merge(join::routes())
        .merge(home::routes())
        .merge(gallery::routes())
        .merge(mine::routes())
        .merge(team::routes())
        .merge(people::routes())
        .merge(structure::routes())
        .merge(cycles::routes())
        .merge(pay::routes())
        .merge(audit::routes())
        .merge(access::routes())
        .merge(platform::routes())
        .merge(bring::routes(deps.uploads))
        .layer(from_fn_with_state(console.clone(), visit::guard));
    Router::new().merge(pages).route("/assets/{*path}", get(asset)).with_state(console)
}

async fn asset(uri: Uri) -> Response<Body> {
    assets::answer(uri.path())
}
