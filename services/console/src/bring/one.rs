//! One upload: what was read of it, its import as it goes on, and what came of it.

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::Path;
use axum::response::IntoResponse as _;
use http::Response;
use tally_access::Permission;
use tally_import::{FileReport, Report};
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Message, Result, msg};

use super::lists::read;
use super::reading::Month;
use super::run::{self, Run, State};
use super::start::{sheet_said, state};
use super::uploads::{Upload, Uploads};
use super::{NEEDED, whose};
use crate::act::allowed;
use crate::audit::live;
use crate::cycles::watch::Told;
use crate::ui::Ui;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::answer::{rendered, see_other};
use crate::visit::{Sent, Visit};

/// A page of progress hears of it so often.
const BEAT: std::time::Duration = std::time::Duration::from_millis(500);
/// So many times before it asks again, with a token that is good.
const BEATS: usize = 600;

type Id = Path<String>;
type Shared = Extension<Uploads>;

#[derive(Template)]
#[template(path = "bring/one.html")]
struct One {
    ui: Ui,
    id: String,
    state: State,
    pill: (String, &'static str),
    /// Names and values.
    facts: Vec<(String, String)>,
    /// What to know: tone and sentence.
    notes: Vec<(&'static str, String)>,
    /// Why it cannot be imported, or empty.
    unusable: String,
    /// Values that were lost: somebody must say that they go as they are.
    damage: String,
    /// What was read, or what became, of each file; none where nothing could be read.
    files: Table,
    /// Lists of it: address, name, and how many rows.
    lists: Vec<(String, String, String)>,
    /// How many there were and are: what, before, after.
    census: Vec<(String, String, String)>,
    progress: String,
    /// What to do next: address and name.
    next: Vec<(&'static str, String)>,
}

impl One {
    /// Where its progress is told.
    fn live(&self) -> String {
        format!("/bring/{}/progress", self.id)
    }
}

#[derive(Template)]
#[template(path = "cycles/progress.html")]
struct Progress {
    step: String,
    said: String,
    done: u64,
    total: u64,
}

/// `GET /bring/{id}`.
pub async fn one(visit: Visit, Path(id): Id, Extension(uploads): Shared) -> Response<Body> {
    visit.list(shown(&visit, &uploads, &id).await, |page| &page.files)
}

async fn shown(visit: &Visit, uploads: &Uploads, id: &str) -> Result<One> {
    allowed(visit, NEEDED)?;
    let me = visit.me();
    let upload = uploads.find(id, &me.principal_id)?;
    renew(visit, uploads, &upload);
    let run = run::of(&upload, visit.console().clock().now());
    let (read, outcome) = (read(visit, uploads, &upload).await?, run::outcome(&upload));
    let ui = visit.ui(&msg!("UI_BRING_UPLOAD"));
    let bring = ui.t("NAV_BRING");
    let ui = ui.below("/bring", bring);
    let (word, tone) = state(run.state);
    let month = read.month.as_ref();
    let unusable = match month {
        Err(unusable) => unusable.told(ui.locale()),
        Ok(Month { misfit: Some(misfit), .. }) => misfit.told(ui.locale()),
        Ok(_) => String::new(),
    };
    let list =
        |name: &str, label: &str, count: usize| (format!("/bring/{id}/{name}"), ui.t(label), ui.format.count(count));
    let mut lists = Vec::new();
    if let Ok(month) = month {
        lists.push(list("columns", "UI_BRING_COLUMNS", month.columns.len()));
        lists.push(list("findings", "UI_BRING_FINDINGS", month.findings.len()));
    }
    lists.push(list("rejected", "UI_BRING_REJECTED", read.rejected.len()));
    if run.state == State::Done || !outcome.refused.is_empty() {
        lists.push(list("refused", "UI_BRING_REFUSED", outcome.refused.len()));
    }
    let report = outcome.report.as_ref().filter(|_| run.state == State::Done);
    let table = match (report, month) {
        (Some(report), _) => brought(&ui, visit, report),
        (None, month) => files(&ui, visit, month.ok()),
    };
    Ok(One {
        id: id.to_owned(),
        state: run.state,
        pill: (ui.t(word), tone),
        facts: facts(&ui, &upload, month.ok()),
        notes: notes(&ui, &upload, &run),
        unusable: if run.state == State::Done { String::new() } else { unusable },
        damage: month.ok().and_then(|month| month.damage.as_ref()).map(|said| ui.say(said)).unwrap_or_default(),
        files: table,
        lists,
        census: report.map(|report| census(&ui, report)).unwrap_or_default(),
        progress: part(&ui, &run),
        next: if run.state == State::Done { next(&ui, &me) } else { Vec::new() },
        ui,
    })
}

/// Whoever looks brings a token that is good for longer.
fn renew(visit: &Visit, uploads: &Uploads, upload: &Upload) {
    if let (Some(caller), Some(session)) = (uploads.caller(upload.id), visit.session()) {
        caller.renew(&session.access);
    }
}

fn facts(ui: &Ui, upload: &Upload, month: Option<&Month>) -> Vec<(String, String)> {
    let mut facts = vec![(ui.t("UI_BRING_AT"), ui.format.moment(upload.about.at))];
    if let Some(Month { period, rows, .. }) = month {
        facts.push((ui.t("UI_PERIOD"), ui.format.period(&period.from.to_string(), &period.to.to_string())));
        facts.push((ui.t("UI_BRING_ROWS"), ui.format.count(rows.values().map(|(rows, _)| rows).sum::<u64>())));
    }
    facts.push((ui.t("UI_BRING_FILES"), upload.about.files.join(", ")));
    facts
}

fn notes(ui: &Ui, upload: &Upload, run: &Run) -> Vec<(&'static str, String)> {
    let mut notes = Vec::new();
    if run.state == State::Stopped {
        let rows = run.rows;
        let why = if run.why.is_empty() { ui.t("UI_BRING_BROKE_OFF") } else { run.why.clone() };
        notes.push(("warn", why));
        notes.push(("plain", ui.say(&msg!("UI_BRING_GO_ON_SAID", rows))));
    }
    if upload.about.made_group {
        notes.push(("plain", ui.t("UI_BRING_MADE_GROUP")));
    }
    if !upload.about.others.is_empty() {
        let names = upload.about.others.join(", ");
        notes.push(("warn", ui.say(&msg!("UI_BRING_OTHERS", names))));
    }
    notes
}

/// What was read of each file.
fn files(ui: &Ui, visit: &Visit, month: Option<&Month>) -> Table {
    let columns = vec![
        Column::text(ui, "file", "UI_BRING_FILE"),
        Column::text(ui, "what", "UI_BRING_WHAT"),
        Column::number(ui, "rows", "UI_BRING_READ"),
        Column::number(ui, "rejected", "UI_BRING_REJECTED"),
    ];
    let row = |(file, (rows, rejected)): (&&str, &(u64, u64))| Row {
        id: file.replace('.', "-"),
        href: String::new(),
        cells: vec![
            Cell::code(*file),
            Cell::text(sheet_said(ui, file)),
            number(ui, *rows),
            number(ui, *rejected).to(if *rejected > 0 {
                format!("{}/rejected?f.file={file}", ui.path())
            } else {
                String::new()
            }),
        ],
    };
    let rows = month.into_iter().flat_map(|month| &month.rows).map(row).collect();
    Table::new(ui, ("files", "UI_BRING_FILES", "UI_BRING_NO_UPLOADS"), &visit.asked(), columns, rows)
}

fn number(ui: &Ui, number: u64) -> Cell {
    Cell::number(ui.format.count(number), number)
}

/// What became of the rows of each file.
fn brought(ui: &Ui, visit: &Visit, report: &Report) -> Table {
    let columns = vec![
        Column::text(ui, "file", "UI_BRING_FILE"),
        Column::number(ui, "read", "UI_BRING_READ"),
        Column::number(ui, "written", "UI_BRING_WRITTEN"),
        Column::number(ui, "revised", "UI_BRING_REVISED"),
        Column::number(ui, "unchanged", "UI_BRING_UNCHANGED"),
        Column::number(ui, "refused", "UI_BRING_REFUSED"),
        Column::number(ui, "rejected", "UI_BRING_REJECTED"),
        Column::number(ui, "left_out", "UI_BRING_LEFT_OUT"),
    ];
    let row = |it: &FileReport| {
        let file = if it.file == tally_import::UNITS {
            Cell::text(ui.say(&msg!("IMPORT_UNITS")))
        } else {
            Cell::code(&it.file)
        };
        let numbers =
            [it.read, it.rows.written, it.rows.revised, it.rows.unchanged, it.rows.refused, it.rejected, it.left_out];
        let cells = std::iter::once(file).chain(numbers.map(|it| number(ui, it))).collect();
        Row { id: it.file.replace(['.', ' '], "-"), href: String::new(), cells }
    };
    let rows = report.files.iter().map(row).collect();
    Table::new(ui, ("files", "UI_BRING_FILES", "UI_BRING_NO_UPLOADS"), &visit.asked(), columns, rows)
}

/// How much the suite held before and holds now.
fn census(ui: &Ui, report: &Report) -> Vec<(String, String, String)> {
    let (before, after) = (report.before, report.after);
    let count =
        |what: Message, before: u64, after: u64| (ui.say(&what), ui.format.count(before), ui.format.count(after));
    vec![
        count(msg!("IMPORT_UNITS"), before.units, after.units),
        count(msg!("IMPORT_PEOPLE"), before.people, after.people),
        count(msg!("IMPORT_ACCOUNTS"), before.accounts, after.accounts),
        count(msg!("IMPORT_ALIASES"), before.aliases, after.aliases),
        count(msg!("IMPORT_DEVICES"), before.devices, after.devices),
        count(msg!("IMPORT_SHIFTS"), before.shifts, after.shifts),
        count(msg!("IMPORT_PUNCHES"), before.punches, after.punches),
        count(msg!("IMPORT_HANDOVERS"), before.handovers, after.handovers),
        count(msg!("IMPORT_RECORDS"), before.records, after.records),
        count(msg!("IMPORT_CLAIMS"), before.claims, after.claims),
    ]
}

fn next(ui: &Ui, me: &crate::ui::Me) -> Vec<(&'static str, String)> {
    let all = [
        ("/cycles/new", Permission::CycleWrite, "UI_BRING_NEXT_CYCLE"),
        ("/runs", Permission::RecordRead, "UI_BRING_NEXT_RUN"),
        ("/people", Permission::PersonRead, "UI_BRING_NEXT_PEOPLE"),
    ];
    all.into_iter()
        .filter(|(_, permission, _)| me.may_others(*permission))
        .map(|(to, _, label)| (to, ui.t(label)))
        .collect()
}

/// The part of the page that tells how far an import is.
fn part(ui: &Ui, run: &Run) -> String {
    let step = run.step.map_or_else(|| ui.t("UI_BRING_READING"), |step| ui.say(&step.said()));
    let (done, total) = (ui.format.count(run.done), ui.format.count(run.all));
    let said = if run.all > 0 { ui.say(&msg!("UI_DONE_OF", done, total)) } else { String::new() };
    rendered(&Progress { step, said, done: run.done, total: run.all }).unwrap_or_default()
}

/// `GET /bring/{id}/progress`: how far an import is, as it goes on.
pub async fn progress(visit: Visit, Path(id): Id, Extension(uploads): Shared) -> axum::response::Response {
    let upload = match uploads.find(&id, &visit.me().principal_id) {
        Ok(upload) => upload,
        Err(error) => return visit.refused(&error).into_response(),
    };
    renew(&visit, &uploads, &upload);
    let (ui, clock) = (visit.ui(&msg!("UI_BRING_UPLOAD")), visit.console().clock().clone());
    let beats = futures::stream::unfold((upload, 0), move |(upload, beats)| {
        let (ui, clock) = (ui.clone(), clock.clone());
        async move {
            if beats > BEATS {
                return None;
            }
            if beats > 0 {
                tokio::time::sleep(BEAT).await;
            }
            let run = run::of(&upload, clock.now());
            let rests = run.state != State::Runs;
            let next = if rests { BEATS + 1 } else { beats + 1 };
            Some((Told { html: part(&ui, &run), rests }, (upload, next)))
        }
    });
    live::answer(beats)
}

/// `POST /bring/{id}/import`.
pub async fn import(visit: Visit, Path(id): Id, Extension(uploads): Shared, sent: Sent) -> Response<Body> {
    match begun(&visit, &uploads, &id, &sent).await {
        Ok(()) => see_other(&format!("/bring/{id}")),
        Err(error) => visit.refused(&error),
    }
}

async fn begun(visit: &Visit, uploads: &Uploads, id: &str, sent: &Sent) -> Result<()> {
    whose(visit)?;
    let upload = uploads.find(id, &visit.me().principal_id)?;
    let read = read(visit, uploads, &upload).await?;
    let refused = |said: String| Error::told(Kind::FailedPrecondition, "UPLOAD_UNUSABLE", Message::told(said));
    let month = read.month.as_ref().map_err(|unusable| refused(unusable.told(visit.choices.locale)))?;
    if let Some(misfit) = &month.misfit {
        return Err(refused(misfit.told(visit.choices.locale)));
    }
    if month.damage.is_some() && sent.get("damaged").is_empty() {
        return Err(Error::of(Kind::FailedPrecondition, msg!("BRING_DAMAGED")));
    }
    run::begin(visit, uploads, &upload)
}

/// `POST /bring/{id}/stop`.
pub async fn stop(visit: Visit, Path(id): Id, Extension(uploads): Shared, _sent: Sent) -> Response<Body> {
    let stopped = uploads.find(&id, &visit.me().principal_id).and_then(|upload| run::stop(&upload));
    match stopped {
        Ok(()) => see_other(&format!("/bring/{id}")),
        Err(error) => visit.refused(&error),
    }
}

/// `POST /bring/{id}/discard`.
pub async fn discard(visit: Visit, Path(id): Id, Extension(uploads): Shared, _sent: Sent) -> Response<Body> {
    let discarded = uploads.find(&id, &visit.me().principal_id).and_then(|upload| {
        if run::of(&upload, visit.console().clock().now()).state == State::Runs {
            return Err(Error::of(Kind::FailedPrecondition, msg!("BRING_STILL_RUNS")));
        }
        uploads.discard(&upload)
    });
    match discarded {
        Ok(()) => visit.done("/bring", "UPLOAD_DISCARDED"),
        Err(error) => visit.refused(&error),
    }
}
