//! Where everybody begins: the screens of whoever reads, the first of them first.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Response;
use tally_kernel::msg;

use crate::console::Console;
use crate::ui::Ui;
use crate::visit::Visit;

/// Its page.
pub fn routes() -> Router<Console> {
    Router::new().route("/", get(home))
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    ui: Ui,
    greeting: String,
}

async fn home(visit: Visit) -> Response<Body> {
    let ui = visit.ui(&msg!("UI_HOME"));
    let name = visit.me().name;
    let greeting = ui.say(&msg!("UI_GREETING", name));
    visit.page(Ok(Home { ui, greeting }))
}
