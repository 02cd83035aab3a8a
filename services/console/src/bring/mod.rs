//! Bring your month: a bundle of files, read, checked and imported. What is understood of files is `libs/bundle`, what is sent is
//! `libs/import`: the same as the command line has.
//!
//! From below to above:
//!
//! - done: reading, uploads, unpack, run, take, lists, start, one

mod lists;
mod one;
mod reading;
mod run;
mod start;
mod take;
#[cfg(test)]
mod tests;
mod unpack;
mod uploads;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Extension, Router};
use tally_access::Permission;
use tally_import::{Caller, Channels};
use tally_kernel::Result;

use crate::act::allowed;
use crate::console::Console;
use crate::ui::screens::{For, Group, Screen};
use crate::visit::Visit;
pub use uploads::Uploads;

/// Records are the most of a month, and whoever may not write those imports none.
const NEEDED: Permission = Permission::RecordImport;

/// Its screens.
pub const SCREENS: &[Screen] = &[Screen {
    path: "/bring",
    label: "NAV_BRING",
    icon: "upload",
    group: Group::Branch,
    audience: For::Others(NEEDED),
}];

/// Its pages.
pub fn routes(uploads: Uploads) -> Router<Console> {
    // What comes is counted while it comes, and written to the disk.
    let upload = get(start::start).post(start::send).layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/bring", upload)
        .route("/bring/forms/{file}", get(start::form))
        .route("/bring/{id}", get(one::one))
        .route("/bring/{id}/import", post(one::import))
        .route("/bring/{id}/stop", post(one::stop))
        .route("/bring/{id}/discard", post(one::discard))
        .route("/bring/{id}/progress", get(one::progress))
        .route("/bring/{id}/columns", get(lists::columns))
        .route("/bring/{id}/findings", get(lists::findings))
        .route("/bring/{id}/rejected", get(lists::rejected))
        .route("/bring/{id}/refused", get(lists::refused))
        .layer(Extension(uploads))
}

/// The reader, as imports call for them.
fn whose(visit: &Visit) -> Result<Caller> {
    allowed(visit, NEEDED)?;
    let at = Channels {
        identity: visit.channel("identity")?,
        attendance: visit.channel("attendance")?,
        performance: visit.channel("performance")?,
        compensation: visit.channel("compensation")?,
        talent: visit.channel("talent")?,
    };
    let token = visit.session().map(|session| session.access.as_str()).unwrap_or_default();
    Ok(Caller::new(at, token, visit.choices.locale))
}
