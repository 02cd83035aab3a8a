//! What wants attention of whoever runs the group's platform, as far as they may see it: how many of each, and where.

use askama::Template;
use axum::body::Body;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::{Erasure, Hold};
use tally_api::performance::v1::{Schedule, Transfer, TransferStage};
use tally_kernel::{Result, msg};

use super::{erasures, holds, schedules, transfers};
use crate::access::logins;
use crate::cycles::data::where_allowed;
use crate::ui::Ui;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "platform/overview.html")]
struct Overview {
    ui: Ui,
    /// Address, name, how many, and what that means; those that wait come first.
    waiting: Vec<(&'static str, String, String, String)>,
}

/// `GET /platform`.
pub async fn overview(visit: Visit) -> Response<Body> {
    visit.page(Box::pin(shown(&visit)).await)
}

async fn shown(visit: &Visit) -> Result<Overview> {
    let (ui, me) = (visit.ui(&msg!("NAV_PLATFORM")), visit.me());
    let (holds, erasures, schedules, transfers, logins) = futures::try_join!(
        asked(me.may(Permission::HoldRead), holds::all(visit)),
        asked(me.may(Permission::ErasureRead), erasures::all(visit)),
        asked(me.may_others(Permission::CycleRead), schedules::all(visit)),
        asked(me.may(Permission::TransferRead), transfers::all(visit)),
        asked(me.may(Permission::LoginWrite) && me.may(Permission::GrantRead), logins::all(visit))
    )?;
    let mut counted = Vec::new();
    let mut count = |path: &'static str, name: &str, number: Option<usize>, said: &str| {
        if let Some(number) = number {
            counted.push((path, ui.t(name), number, ui.t(said)));
        }
    };
    let standing = |all: &Vec<Hold>| all.iter().filter(|it| it.lifted_at.is_none()).count();
    count(
        "/access/logins",
        "NAV_LOGINS",
        logins.map(|all| all.iter().filter(|it| it.reset_asked_at.is_some()).count()),
        "UI_WAITING_RESETS",
    );
    let waits = |all: Vec<Erasure>| {
        all.iter()
            .filter(|it| it.approved_by.is_empty() && it.dropped_at.is_none() && it.completed_at.is_none())
            .count()
    };
    count("/platform/erasures", "NAV_ERASURES", erasures.map(waits), "UI_WAITING_ERASURES");
    let prepared = |all: Vec<Transfer>| all.iter().filter(|it| it.stage() == TransferStage::Prepared).count();
    count("/platform/transfers", "NAV_TRANSFERS", transfers.map(prepared), "UI_WAITING_TRANSFERS");
    let failed = |all: Vec<Schedule>| all.iter().filter(|it| !it.failure.is_empty()).count();
    count("/platform/schedules", "NAV_SCHEDULES", schedules.map(failed), "UI_WAITING_SCHEDULES");
    count("/platform/holds", "NAV_HOLDS", holds.as_ref().map(standing), "UI_WAITING_HOLDS");
    let waiting = counted.into_iter().map(|(path, name, number, said)| (path, name, ui.format.count(number), said));
    Ok(Overview { waiting: waiting.collect(), ui })
}

/// An answer, where the reader may have it.
async fn asked<T>(may: bool, call: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    if may { where_allowed(call.await) } else { Ok(None) }
}
