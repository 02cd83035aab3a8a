//! Where files are handed in: the form, what may be in them, and what was handed in before.

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::Path;
use http::{Request, Response};
use tally_bundle::forms::{self, FORMS};
use tally_kernel::{Error, Result, msg};

use super::NEEDED;
use super::run::{self, State};
use super::take::take;
use super::uploads::{KEPT, OF_ONE, UPLOAD_MAX, Uploads};
use crate::act::allowed;
use crate::ui::Ui;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::Visit;
use crate::visit::answer::{file_named, see_other};

#[derive(Template)]
#[template(path = "bring/start.html")]
struct Start {
    ui: Ui,
    /// Why the last upload was not taken, or empty.
    wrong: String,
    /// What may be sent, and how long it is kept.
    said: String,
    may_more: bool,
    uploads: Table,
    sheets: Vec<Sheet>,
}

/// A file of a bundle.
struct Sheet {
    file: &'static str,
    said: String,
    needed: bool,
    /// Names, what they are called, and whether each must be there.
    columns: Vec<(&'static str, String, bool)>,
}

/// Files without which no month can be read.
const REQUIRED: [&str; 3] = ["people.csv", "accounts.csv", "records.csv"];

/// `GET /bring`.
pub async fn start(visit: Visit, Extension(uploads): Extension<Uploads>) -> Response<Body> {
    visit.list(page(&visit, &uploads, String::new()), |page| &page.uploads)
}

/// `POST /bring`: files, or an archive of them.
pub async fn send(visit: Visit, Extension(uploads): Extension<Uploads>, request: Request<Body>) -> Response<Body> {
    if let Err(error) = allowed(&visit, NEEDED) {
        return visit.refused(&error);
    }
    match take(&visit, &uploads, request).await {
        Ok(upload) => see_other(&format!("/bring/{}", upload.id)),
        Err(error) => {
            let wrong = tally_i18n::sentence(visit.choices.locale, &error);
            visit.wrong(page(&visit, &uploads, wrong), &error)
        }
    }
}

fn page(visit: &Visit, uploads: &Uploads, wrong: String) -> Result<Start> {
    allowed(visit, NEEDED)?;
    let ui = visit.ui(&msg!("NAV_BRING"));
    let now = visit.console().clock().now();
    uploads.sweep(now)?;
    let own = uploads.of(&visit.me().principal_id)?;
    let columns = vec![
        Column::text(&ui, "at", "UI_BRING_AT"),
        Column::text(&ui, "files", "UI_BRING_FILES"),
        Column::text(&ui, "state", "UI_STATE"),
    ];
    let may_more = own.len() < OF_ONE;
    let row = |upload: super::uploads::Upload| {
        let (word, tone) = state(run::of(&upload, now).state);
        Row {
            id: upload.id.to_string(),
            href: format!("/bring/{}", upload.id),
            cells: vec![
                Cell::when(ui.format.moment(upload.about.at), upload.about.at.as_second()),
                Cell::text(upload.about.files.join(", ")),
                Cell::pill(ui.t(word), tone),
            ],
        }
    };
    let rows = own.into_iter().map(row).collect();
    let table = Table::new(&ui, ("uploads", "UI_BRING_UPLOADS", "UI_BRING_NO_UPLOADS"), &visit.asked(), columns, rows);
    let said = ui.say(&msg!("UI_BRING_SEND_SAID", megabytes = UPLOAD_MAX >> 20, hours = KEPT.as_hours()));
    Ok(Start { wrong, said, may_more, uploads: table, sheets: FORMS.iter().map(|form| sheet(&ui, form)).collect(), ui })
}

/// The word and the tone of a state.
pub fn state(state: State) -> (&'static str, &'static str) {
    match state {
        State::Waits => ("UI_BRING_WAITS", "plain"),
        State::Runs => ("UI_BRING_RUNS", "accent"),
        State::Stopped => ("UI_BRING_STOPPED", "warn"),
        State::Done => ("UI_BRING_DONE", "good"),
    }
}

/// What a file of a bundle is.
pub fn sheet_said(ui: &Ui, file: &str) -> String {
    let name = file.split('.').next().unwrap_or_default().to_uppercase();
    tally_i18n::named(ui.locale(), &format!("SHEET_{name}")).unwrap_or_default()
}

fn sheet(ui: &Ui, form: &forms::Form) -> Sheet {
    let file = form.file();
    let column = |(name, needed)| (name, tally_bundle::label(ui.locale(), file, name), needed);
    let columns = form.columns().map(column).collect();
    Sheet { file, said: sheet_said(ui, file), needed: REQUIRED.contains(&file), columns }
}

/// `GET /bring/forms/{file}`: a file to fill in, with heads in the reader's language.
pub async fn form(visit: Visit, Path(file): Path<String>) -> Response<Body> {
    let form = FORMS.iter().find(|form| form.file() == file).ok_or_else(|| Error::not_found("page", &file));
    match form.and_then(|form| form.csv(visit.choices.locale).map_err(Error::internal)) {
        Ok(content) => file_named(&file, "text/csv; charset=utf-8", content),
        Err(error) => visit.refused(&error),
    }
}
