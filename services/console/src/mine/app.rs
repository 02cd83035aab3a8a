//! What makes the console an app on a phone: its description, the script that works without a network, and the page that is shown then.

use askama::Template;
use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use serde::Serialize;
use tally_kernel::msg;

use crate::assets;
use crate::ui::Ui;
use crate::visit::Visit;

/// Shown without a network: it holds nothing about anybody, since a browser keeps it.
#[derive(Template)]
#[template(path = "mine/offline.html")]
struct Offline {
    ui: Ui,
}

/// `GET /offline`.
pub async fn offline(visit: Visit) -> Response<Body> {
    let visit = visit.nobody();
    visit.page(Ok(Offline { ui: visit.ui(&msg!("UI_OFFLINE")) }))
}

/// `GET /sw.js`: its address stays, since browsers ask it whether there is a newer one.
pub async fn worker() -> Response<Body> {
    file("text/javascript; charset=utf-8", include_str!("../../static/sw.js").to_owned())
}

#[derive(Serialize)]
struct Manifest {
    id: &'static str,
    name: &'static str,
    short_name: &'static str,
    start_url: &'static str,
    scope: &'static str,
    display: &'static str,
    lang: &'static str,
    dir: &'static str,
    background_color: &'static str,
    theme_color: &'static str,
    icons: [Icon; 1],
    shortcuts: [Shortcut; 2],
}

#[derive(Serialize)]
struct Icon {
    src: &'static str,
    sizes: &'static str,
    r#type: &'static str,
    purpose: &'static str,
}

#[derive(Serialize)]
struct Shortcut {
    name: String,
    url: &'static str,
}

/// `GET /manifest.webmanifest`.
pub async fn manifest(visit: Visit) -> Response<Body> {
    let ui = visit.ui(&msg!("UI_HOME"));
    let shortcut = |label: &str, url| Shortcut { name: ui.t(label), url };
    let manifest = Manifest {
        id: "/",
        name: "Tally",
        short_name: "Tally",
        start_url: "/my/today",
        scope: "/",
        display: "standalone",
        lang: ui.lang(),
        dir: ui.dir(),
        background_color: "#f6f7f7",
        theme_color: "#0b6e5f",
        icons: [Icon { src: assets::path("app.svg"), sizes: "any", r#type: "image/svg+xml", purpose: "any maskable" }],
        shortcuts: [shortcut("NAV_TODAY", "/my/today"), shortcut("NAV_MONTH", "/my/month")],
    };
    file("application/manifest+json", serde_json::to_string(&manifest).unwrap_or_default())
}

fn file(media: &'static str, content: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(content));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}
