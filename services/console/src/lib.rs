//! The web console: pages for people, made here from the answers of the public rpcs, asked as whoever reads.
//!
//! It holds no rule of the business and no data: what a reader may see is what the rpcs tell them. Pages are HTML that works with links and
//! forms alone; scripts make them quicker.
//!
//! The rooms from below to above: each stands on those before it alone (`cargo xtask tidy` holds this).
//!
//! - done: assets, format, ui, console, visit, signin, home, gallery, people
//!
//! Architecture invariant: a page asks rpcs through generated clients with the reader's token, and nothing else; what a template writes is
//! escaped, always.

mod assets;
mod console;
mod format;
mod gallery;
mod home;
mod people;
mod signin;
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
}

static SCREENS: LazyLock<Vec<Screen>> = LazyLock::new(|| [people::SCREENS].concat());

/// Whether a path is the console's: files, and pages.
pub fn routes(deps: Deps) -> Router {
    let console = Console::new(deps.services, (deps.clock, deps.rng), &SCREENS);
    let pages = Router::new()
        .merge(signin::routes())
        .merge(home::routes())
        .merge(gallery::routes())
        .merge(people::routes())
        .layer(from_fn_with_state(console.clone(), visit::guard));
    Router::new().merge(pages).route("/assets/{*path}", get(asset)).with_state(console)
}

async fn asset(uri: Uri) -> Response<Body> {
    assets::answer(uri.path())
}
