//! The import of an upload, behind the pages: begun once, told as it goes on, stopped when somebody says so, and begun again wherever it
//! broke off: what is in counts as there already.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tally_bundle::Unusable;
use tally_import::said::{Refusal, say};
use tally_import::{Caller, Refused, Report, Step, Taken};
use tally_kernel::error::Kind;
use tally_kernel::{Clock, Locale, Result, msg};
use tokio::runtime::Handle;

use super::uploads::{Upload, Uploads, no_place};
use super::whose;
use crate::visit::Visit;

/// How it stands.
const RUN: &str = "run.json";
/// What came of it.
const OUTCOME: &str = "outcome.json";
/// Some process is at it.
const LOCK: &str = "running";
/// It is to stop.
const STOP: &str = "stop";
/// How often it tells how far it is, and looks whether it is to stop.
const BEAT: Duration = Duration::from_millis(500);
/// One that has told nothing for so long is nobody's any more.
const SILENT: SignedDuration = SignedDuration::from_secs(30);

/// What an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    #[default]
    Waits,
    Runs,
    /// Before its end, by somebody or by something.
    Stopped,
    Done,
}

/// How it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub state: State,
    pub step: Option<Step>,
    pub done: u64,
    pub all: u64,
    /// When it told so.
    pub at: Timestamp,
    /// Why it stopped.
    pub why: String,
    /// Rows that are in.
    pub rows: u64,
}

/// What came of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Nothing where it stopped.
    pub report: Option<Report>,
    /// Rows that the suite did not take.
    pub refused: Vec<Refused>,
}

/// How an upload's import stands.
pub fn of(upload: &Upload, now: Timestamp) -> Run {
    let run: Run = upload.read(RUN).unwrap_or_default();
    if run.state == State::Runs && now.duration_since(run.at) > SILENT {
        return Run { state: State::Stopped, ..run };
    }
    run
}

/// What came of it, once it rests.
pub fn outcome(upload: &Upload) -> Outcome {
    upload.read(OUTCOME).unwrap_or_default()
}

/// It is to stop soon.
///
/// # Errors
/// The disk cannot be written.
pub fn stop(upload: &Upload) -> Result<()> {
    fs::write(upload.path(STOP), "").map_err(no_place)
}

/// Begins an import as the reader, unless it is going on already.
///
/// # Errors
/// The disk cannot be written.
pub fn begin(visit: &Visit, uploads: &Uploads, upload: &Upload) -> Result<()> {
    let clock = visit.console().clock().clone();
    let before = of(upload, clock.now());
    match before.state {
        State::Runs | State::Done => return Ok(()),
        // Whoever was at it is not any more.
        State::Stopped => drop(fs::remove_file(upload.path(LOCK))),
        State::Waits => {}
    }
    // Of two that press at once one begins.
    if File::create_new(upload.path(LOCK)).is_err() {
        return Ok(());
    }
    drop(fs::remove_file(upload.path(STOP)));
    upload.write(RUN, &Run { state: State::Runs, at: clock.now(), ..Run::default() })?;
    let caller = whose(visit)?;
    uploads.set_caller(upload.id, Some(caller.clone()));
    let (uploads, upload) = (uploads.clone(), upload.clone());
    // A thread of its own: rows are sent by reference to what was read, and such work cannot wander between threads.
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        runtime.block_on(run(&caller, &uploads, &upload, &clock));
        uploads.set_caller(upload.id, None);
    });
    Ok(())
}

/// Where it is, for whoever asks meanwhile.
type At = Arc<Mutex<(Option<Step>, u64, u64)>>;

async fn run(caller: &Caller, uploads: &Uploads, upload: &Upload, clock: &Clock) {
    let locale = caller.locale();
    let (at, mut taken) = (At::default(), Taken::beside_others(locale));
    let ended = tokio::select! {
        ended = import(caller, uploads, upload, &mut taken, &at) => Some(ended),
        () = told(upload, &at, clock) => None,
    };
    let (step, done, all) = *at.lock().unwrap_or_else(PoisonError::into_inner);
    let stopped = |why| Run { state: State::Stopped, step, done, all, at: clock.now(), why, rows: taken.in_place() };
    let (run, report) = match ended {
        Some(Ok(report)) => (Run { state: State::Done, ..stopped(String::new()) }, Some(report)),
        Some(Err(error)) => (stopped(why(locale, &error)), None),
        None => (stopped(tally_i18n::text(locale, &msg!("IMPORT_INTERRUPTED"))), None),
    };
    // What was refused is kept also where it stopped afterwards. How it stands is written last: it says that the other belongs to it.
    let kept =
        upload.write(OUTCOME, &Outcome { report, refused: taken.refused }).and_then(|()| upload.write(RUN, &run));
    if let Err(error) = kept {
        tracing::error!(cause = error.internal_context(), "what came of an import could not be kept");
    }
    drop(fs::remove_file(upload.path(LOCK)));
}

async fn import(
    caller: &Caller,
    uploads: &Uploads,
    upload: &Upload,
    taken: &mut Taken,
    at: &At,
) -> anyhow::Result<Report> {
    let _place = uploads.place_to_import().await;
    let reading = upload.reading().await?;
    let bundle = &reading.bundle;
    let tell = |step, done, all| *at.lock().unwrap_or_else(PoisonError::into_inner) = (Some(step), done, all);
    let before = tally_import::census(caller, bundle, |done| tell(Step::Counting, done, 0)).await?;
    tally_import::fits(caller, bundle).await?;
    tally_import::send(caller, bundle, taken, tell).await?;
    let after = tally_import::census(caller, bundle, |done| tell(Step::Counting, done, 0)).await?;
    let mut findings = BTreeMap::new();
    bundle.findings.iter().for_each(|it| *findings.entry(it.kind.to_string().to_uppercase()).or_default() += 1);
    Ok(Report::of(&reading, findings, taken, before, after))
}

/// Says how far it is, until it is to stop.
async fn told(upload: &Upload, at: &At, clock: &Clock) {
    loop {
        tokio::time::sleep(BEAT).await;
        if upload.path(STOP).exists() {
            return;
        }
        let (step, done, all) = *at.lock().unwrap_or_else(PoisonError::into_inner);
        let run = Run { state: State::Runs, step, done, all, at: clock.now(), ..Run::default() };
        // One that cannot be written now is told a moment later.
        drop(upload.write(RUN, &run));
    }
}

/// Why it stopped, and what to do about it.
fn why(locale: Locale, error: &anyhow::Error) -> String {
    let said = say(locale, error);
    let refusal = error.chain().find_map(|cause| cause.downcast_ref::<Refusal>());
    let cure = match refusal.map(Refusal::kind) {
        Some(Kind::PermissionDenied) => msg!("IMPORT_NEEDS"),
        Some(Kind::Unauthenticated) => msg!("BRING_SESSION_ENDED"),
        _ if error.is::<Unusable>() => return said,
        _ => return said,
    };
    format!("{said} {}", tally_i18n::text(locale, &cure))
}
