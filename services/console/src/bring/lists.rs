//! What there is to look at of an upload, list by list: how its columns were understood, what the reading found, which rows were rejected by
//! it, and which the suite did not take.

use axum::Extension;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_bundle::TakenFor;
use tally_kernel::{Message, Result, msg};

use super::reading::Read;
use super::run;
use super::take::first_reading;
use super::uploads::{Upload, Uploads};
use crate::access::logins::List;
use crate::ui::Ui;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::Visit;

type Id = Path<String>;
type Shared = Extension<Uploads>;

/// What was read of an upload: known here, or read again.
///
/// # Errors
/// The suite cannot be asked, or the disk cannot be used.
pub async fn read(visit: &Visit, uploads: &Uploads, upload: &Upload) -> Result<std::sync::Arc<Read>> {
    match uploads.known(upload) {
        Some(read) => Ok(read),
        None => Ok(uploads.know(upload, first_reading(visit, uploads, upload).await?)),
    }
}

/// The page's own things, below the upload.
fn ui(visit: &Visit, upload: &Upload, title: &Message) -> Ui {
    let ui = visit.ui(title);
    let (bring, one) = (ui.t("NAV_BRING"), ui.t("UI_BRING_UPLOAD"));
    ui.below("/bring", bring).below(format!("/bring/{}", upload.id), one)
}

fn list(ui: Ui, table: Table, said: &str) -> List {
    let said = ui.t(said);
    List { ui, table, act: Default::default(), said }
}

/// `GET /bring/{id}/columns`.
pub async fn columns(visit: Visit, Path(id): Id, Extension(uploads): Shared) -> Response<Body> {
    visit.list(columns_of(&visit, &uploads, &id).await, |page| &page.table)
}

async fn columns_of(visit: &Visit, uploads: &Uploads, id: &str) -> Result<List> {
    let upload = uploads.find(id, &visit.me().principal_id)?;
    let ui = ui(visit, &upload, &msg!("UI_BRING_COLUMNS"));
    let columns = vec![
        Column::text(&ui, "file", "UI_BRING_FILE").filtered(),
        Column::text(&ui, "head", "UI_BRING_HEAD"),
        Column::text(&ui, "taken", "UI_BRING_TAKEN_FOR"),
        Column::text(&ui, "name", "UI_BRING_NAME").hidden(),
    ];
    let read = read(visit, uploads, &upload).await?;
    let known = read.month.as_ref().map(|month| month.columns.as_slice()).unwrap_or_default();
    let row = |(at, column): (usize, &tally_bundle::ColumnRead)| {
        let (taken, name) = match column.taken {
            TakenFor::Column(name) => (Cell::text(tally_bundle::label(ui.locale(), column.file, name)), name),
            TakenFor::Measure => (Cell::pill(ui.t("UI_BRING_MEASURE"), "accent"), ""),
            TakenFor::Nothing => (Cell::pill(ui.t("UI_BRING_NOT_READ"), "warn"), ""),
        };
        let cells = vec![Cell::code(column.file), Cell::text(&column.head), taken, Cell::code(name)];
        Row { id: at.to_string(), href: String::new(), cells }
    };
    let rows = known.iter().enumerate().map(row).collect();
    let asked = visit.asked();
    let table = Table::new(&ui, ("columns", "UI_BRING_COLUMNS", "UI_BRING_NO_COLUMNS"), &asked, columns, rows);
    Ok(list(ui, table, "UI_BRING_COLUMNS_SAID"))
}

/// `GET /bring/{id}/findings`.
pub async fn findings(visit: Visit, Path(id): Id, Extension(uploads): Shared) -> Response<Body> {
    visit.list(findings_of(&visit, &uploads, &id).await, |page| &page.table)
}

async fn findings_of(visit: &Visit, uploads: &Uploads, id: &str) -> Result<List> {
    let upload = uploads.find(id, &visit.me().principal_id)?;
    let ui = ui(visit, &upload, &msg!("UI_BRING_FINDINGS"));
    let columns = vec![
        Column::text(&ui, "file", "UI_BRING_FILE").filtered(),
        Column::text(&ui, "subject", "UI_BRING_SUBJECT"),
        Column::text(&ui, "said", "UI_BRING_SAID"),
        Column::number(&ui, "count", "UI_BRING_COUNT"),
    ];
    let read = read(visit, uploads, &upload).await?;
    let known = read.month.as_ref().map(|month| month.findings.as_slice()).unwrap_or_default();
    let row = |(at, it): (usize, &tally_bundle::Finding)| Row {
        id: at.to_string(),
        href: String::new(),
        cells: vec![
            Cell::code(&it.file),
            Cell::text(&it.subject),
            Cell::text(ui.say(&it.detail)),
            if it.count == 0 { Cell::text("") } else { Cell::number(ui.format.count(it.count), it.count) },
        ],
    };
    let rows = known.iter().enumerate().map(row).collect();
    let asked = visit.asked();
    let table = Table::new(&ui, ("findings", "UI_BRING_FINDINGS", "UI_BRING_NO_FINDINGS"), &asked, columns, rows);
    Ok(list(ui, table, "UI_BRING_FINDINGS_SAID"))
}

/// `GET /bring/{id}/rejected`.
pub async fn rejected(visit: Visit, Path(id): Id, Extension(uploads): Shared) -> Response<Body> {
    visit.list(rejected_of(&visit, &uploads, &id).await, |page| &page.table)
}

async fn rejected_of(visit: &Visit, uploads: &Uploads, id: &str) -> Result<List> {
    let upload = uploads.find(id, &visit.me().principal_id)?;
    let ui = ui(visit, &upload, &msg!("UI_BRING_REJECTED"));
    let columns = vec![
        Column::text(&ui, "file", "UI_BRING_FILE").filtered(),
        Column::number(&ui, "line", "UI_BRING_LINE"),
        Column::text(&ui, "column", "UI_BRING_COLUMN").filtered(),
        Column::text(&ui, "reason", "UI_BRING_REASON"),
        Column::text(&ui, "cure", "UI_BRING_CURE"),
        Column::text(&ui, "code", "UI_BRING_CODE").hidden(),
    ];
    let read = read(visit, uploads, &upload).await?;
    let row = |(at, it): (usize, &tally_bundle::Rejected)| Row {
        id: at.to_string(),
        href: String::new(),
        cells: vec![
            Cell::code(it.file),
            if it.line == 0 { Cell::text("") } else { Cell::number(ui.format.count(it.line), it.line) },
            Cell::code(&it.column),
            Cell::text(ui.say(&it.reason)),
            Cell::text(ui.say(&it.cure)),
            Cell::code(it.code),
        ],
    };
    let rows = read.rejected.iter().enumerate().map(row).collect();
    let asked = visit.asked();
    let table = Table::new(&ui, ("rejected", "UI_BRING_REJECTED", "UI_BRING_NO_REJECTED"), &asked, columns, rows);
    Ok(list(ui, table, "UI_BRING_REJECTED_SAID"))
}

/// `GET /bring/{id}/refused`.
pub async fn refused(visit: Visit, Path(id): Id, Extension(uploads): Shared) -> Response<Body> {
    visit.list(refused_of(&visit, &uploads, &id), |page| &page.table)
}

fn refused_of(visit: &Visit, uploads: &Uploads, id: &str) -> Result<List> {
    let upload = uploads.find(id, &visit.me().principal_id)?;
    let ui = ui(visit, &upload, &msg!("UI_BRING_REFUSED"));
    let columns = vec![
        Column::text(&ui, "file", "UI_BRING_FILE").filtered(),
        Column::text(&ui, "row", "UI_BRING_ROW"),
        Column::text(&ui, "reason", "UI_BRING_REASON"),
        Column::text(&ui, "cure", "UI_BRING_CURE"),
        Column::text(&ui, "code", "UI_BRING_CODE").hidden(),
    ];
    let refused = run::outcome(&upload).refused;
    let row = |(at, it): (usize, tally_import::Refused)| Row {
        id: at.to_string(),
        href: String::new(),
        cells: vec![
            Cell::code(it.file),
            Cell::text(it.row),
            Cell::text(it.reason),
            Cell::text(it.cure),
            Cell::code(it.code),
        ],
    };
    let rows = refused.into_iter().enumerate().map(row).collect();
    let asked = visit.asked();
    let table = Table::new(&ui, ("refused", "UI_BRING_REFUSED", "UI_BRING_NO_REFUSED"), &asked, columns, rows);
    Ok(list(ui, table, "UI_BRING_REFUSED_SAID"))
}
