//! Answers: pages, files, the way on after a change, and refusals that say what to do.

use askama::Template;
use axum::body::Body;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Result, msg};

use super::Visit;
use crate::ui::Ui;
use crate::ui::table::Table;

/// A refusal as a page.
#[derive(Template)]
#[template(path = "refused.html")]
struct Refused {
    ui: Ui,
    sentence: String,
    reason: &'static str,
    trace: String,
    /// It may help to try again.
    again: bool,
}

impl Visit {
    /// A page, or why there is none.
    pub fn page(&self, page: Result<impl Template>) -> Response<Body> {
        match page.and_then(|page| rendered(&page)) {
            Ok(text) => html(StatusCode::OK, text),
            Err(error) => self.refused(&error),
        }
    }

    /// A page with a form that was refused: the same page, with what is wrong beside each field.
    pub fn wrong(&self, page: Result<impl Template>, error: &Error) -> Response<Body> {
        let mut answer = self.page(page);
        if answer.status() == StatusCode::OK {
            *answer.status_mut() = match tally_rpc::http_status(error) {
                // The browser is told what the form is: right in form, wrong in what it says.
                StatusCode::BAD_REQUEST => StatusCode::UNPROCESSABLE_ENTITY,
                other => other,
            };
        }
        answer
    }

    /// A page of one list; where a file is asked for, that of exactly the rows that the list shows.
    pub fn list<P: Template>(&self, page: Result<P>, table: impl FnOnce(&P) -> &Table) -> Response<Body> {
        if !self.asked().wants_export() {
            return self.page(page);
        }
        let file = page.and_then(|page| {
            let table = table(&page);
            Ok((table.id, table.csv().map_err(Error::internal)?))
        });
        match file {
            Ok((name, content)) => file_named(&format!("{name}.csv"), "text/csv; charset=utf-8", content),
            Err(error) => self.refused(&error),
        }
    }

    /// The way on after a change: a page, and what was done (`DONE_` and this id), said once.
    pub fn done(&self, path: &str, id: &str) -> Response<Body> {
        let between = if path.contains('?') { '&' } else { '?' };
        see_other(&format!("{path}{between}done={id}"))
    }

    /// Why there is no page, and what to do.
    pub fn refused(&self, error: &Error) -> Response<Body> {
        let locale = self.choices.locale;
        let trace = tally_rpc::current_trace();
        let refused = Refused {
            ui: self.ui(&title(error)),
            sentence: tally_i18n::sentence(locale, error),
            reason: error.reason(),
            trace: trace.as_deref().and_then(|trace| trace.split('-').nth(1)).unwrap_or_default().to_owned(),
            again: error.retryable(),
        };
        if error.kind() == Kind::Internal {
            tracing::error!(cause = error.internal_context(), "a page could not be made");
        }
        let status = tally_rpc::http_status(error);
        html(status, rendered(&refused).unwrap_or_else(|_| refused.sentence.clone()))
    }
}

fn title(error: &Error) -> tally_kernel::Message {
    match error.kind() {
        Kind::NotFound => msg!("UI_NOT_FOUND"),
        Kind::PermissionDenied => msg!("UI_NOT_ALLOWED"),
        Kind::Unavailable | Kind::DeadlineExceeded | Kind::ResourceExhausted => msg!("UI_NOT_NOW"),
        _ => msg!("UI_REFUSED"),
    }
}

/// A template as text.
///
/// # Errors
/// A fault of ours.
pub fn rendered(page: &impl Template) -> Result<String> {
    page.render().map_err(Error::internal)
}

/// Text as a page.
pub fn html(status: StatusCode, text: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    answer
}

/// The way to another page, which the browser gets.
pub fn see_other(path: &str) -> Response<Body> {
    with_header(StatusCode::SEE_OTHER, LOCATION, path)
}

/// An answer without a body but with a header.
pub fn with_header(status: StatusCode, name: HeaderName, value: &str) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer.headers_mut().extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
    answer
}

/// A file to be kept.
pub fn file_named(name: &str, media: &'static str, content: Vec<u8>) -> Response<Body> {
    let mut answer = Response::new(Body::from(content));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).ok();
    headers.extend(disposition.map(|it| (CONTENT_DISPOSITION, it)));
    answer
}
