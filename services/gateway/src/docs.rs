//! The page that describes every call, for people: made of the description in OpenAPI, and so of the table that the router is made of.
//!
//! Plain HTML without a script, under a policy that allows none. Its look is one file (`templates/docs/docs.css`) and may be another.

mod view;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Extensions, HeaderValue, Response, StatusCode};
use serde_json::Value;
use tally_kernel::{Error, Kind, Locale, Result, msg};
use tally_rpc::layers::with_locale;

use crate::{Body, problem};
use view::{Room, Service, Text};
use words::Words;

const STYLE: &str = include_str!("../templates/docs/docs.css");
/// Nothing from elsewhere, and nothing within the page but what it says.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The list of all calls.
#[derive(Template)]
#[template(path = "docs/index.html")]
struct Index {
    words: Words,
    introduction: Text,
    services: Vec<Service>,
}

/// The calls of a room, and the objects that they take and give.
#[derive(Template)]
#[template(path = "docs/room.html")]
struct Page {
    words: Words,
    room: Room,
}

/// Pages of a description.
pub struct Docs {
    description: Value,
    rooms: BTreeSet<String>,
    /// Pages that were asked for before; there are as many as rooms and languages.
    made: Mutex<BTreeMap<(&'static str, String), Bytes>>,
}

/// The pages under `/docs`.
pub fn routes<S: Clone + Send + Sync + 'static>(description: Value) -> Router<S> {
    let docs = Arc::new(Docs::of(description));
    let pages = Router::new().route("/docs", get(index)).route("/docs/{room}", get(room)).with_state(docs);
    let pages = pages.layer(axum::middleware::map_request(async |request| with_locale::<Body>(request)));
    pages.route("/docs/docs.css", get(async || file("text/css; charset=utf-8", Bytes::from_static(STYLE.as_bytes()))))
}

async fn index(State(docs): State<Arc<Docs>>, extensions: Extensions) -> Response<Body> {
    docs.answer("", &extensions)
}

async fn room(State(docs): State<Arc<Docs>>, Path(room): Path<String>, extensions: Extensions) -> Response<Body> {
    docs.answer(&room, &extensions)
}

impl Docs {
    fn of(description: Value) -> Self {
        let rooms = description["tags"].as_array().into_iter().flatten();
        let rooms = rooms.filter_map(|tag| tag["name"].as_str().map(str::to_owned)).collect();
        Self { description, rooms, made: Mutex::default() }
    }

    /// A page by the name of its room; the list of all for none.
    fn answer(&self, room: &str, extensions: &Extensions) -> Response<Body> {
        let locale = extensions.get().copied().unwrap_or_default();
        let mut answer = match self.page(room, locale) {
            Ok(page) => file("text/html; charset=utf-8", page),
            Err(error) => return problem::answer(&error, locale),
        };
        answer.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag()));
        answer.headers_mut().insert(VARY, HeaderValue::from_static("accept-language"));
        answer
    }

    fn page(&self, room: &str, locale: Locale) -> Result<Bytes> {
        if !room.is_empty() && !self.rooms.contains(room) {
            let path = format!("/docs/{room}");
            return Err(Error::of(Kind::NotFound, msg!("PATH_UNKNOWN", path)));
        }
        let key = (locale.tag(), room.to_owned());
        if let Some(made) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(made.clone());
        }
        let page = Bytes::from(self.rendered(room, Words::of(locale)).map_err(Error::internal)?);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(key, page.clone());
        Ok(page)
    }

    fn rendered(&self, room: &str, words: Words) -> askama::Result<String> {
        if room.is_empty() {
            let introduction = Text::of(&self.description["info"]["description"]);
            return Index { services: view::services(&self.description, words.locale), words, introduction }.render();
        }
        Page { words, room: view::room(&self.description, room) }.render()
    }
}

fn file(media: &'static str, content: Bytes) -> Response<Body> {
    let mut answer = Response::new(Body::from(content));
    *answer.status_mut() = StatusCode::OK;
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, media),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests;
