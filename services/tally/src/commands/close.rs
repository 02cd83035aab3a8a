//! `tally close`: the main job on somebody's own files.

use std::path::Path;

use anyhow::Result;
use tally_bundle::sheet::Csv;
use tally_bundle::{Bundle, Options, Reading, Refusals, Rejected, Unusable, nearest, read_bundle};
use tally_kernel::{Message, msg};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{self, Close, DONE, Input, Language};
use crate::close::{CloseOutcome, Crew, FORM, Job, Place, REJECTED, Rejections, close_alone, computable, rejected};
use crate::print;
use crate::progress::Progress;
use crate::said::{Said, because, no_temporary, say};
use crate::show;
use crate::unfinished::{Unfinished, clear};

/// Reads the bundle, does the job in a suite of its own, writes the result folder and says what came of it.
pub async fn close(args: Close) -> Result<u8> {
    let lang = Language::spoken();
    let progress = Progress::new(args.json, lang);
    let csv = Csv::of_switch(args.input.plain_csv);
    // What cannot be computed is told before there is a suite: a database that one was made in is empty no more.
    let reading = read(&args.input.bundle, options(&args.input), &progress)
        .and_then(|reading| match computable(&reading.bundle) {
            Ok(()) => Ok(reading),
            Err(unusable) => Err(Unusable { rejected: reading.rejected, ..unusable }),
        })
        .map_err(|unusable| with_rejected(unusable, &args.out, clear, csv, lang))?;
    let unheard = |error| Said(msg!("CANNOT_START", error = tally_i18n::io(&error)));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
    let unfinished = Unfinished::begin(&args.out)?;
    let mut again = None;
    let ended = tokio::select! {
        ended = Box::pin(worked(&args, &reading, &mut again, unfinished, &progress)) => ended,
        _ = interrupt.recv() => Err(Said(msg!("CLOSE_INTERRUPTED", folder = args.out.display())).into()),
    };
    // Rows that were rejected may be why it came to nothing.
    let rows = rows_of(ended.as_ref().err(), again.as_ref().unwrap_or(&reading));
    if ended.is_err() && !rows.is_empty() {
        let written = rejected(&args.out, rows, csv, lang.locale());
        let file = args.out.join(REJECTED);
        let came_of = match written {
            Ok(_) => msg!("REJECTED_ROWS_ARE_IN", file = file.display()),
            Err(_) => msg!("REJECTED_ROWS_UNWRITTEN", file = file.display()),
        };
        return ended.map_err(|error| because(came_of, error));
    }
    ended
}

/// How the files of a bundle are read.
pub fn options(input: &Input) -> Options<'_> {
    Options { from: input.from, to: input.to, ..Options::default() }
}

/// The rejected rows of the last reading, which may have come to nothing because of them.
fn rows_of<'r>(error: Option<&'r anyhow::Error>, reading: &'r Reading) -> &'r [Rejected] {
    let unusable = error.and_then(|error| error.chain().find_map(|cause| cause.downcast_ref::<Unusable>()));
    unusable.map(|unusable| unusable.rejected.as_slice()).filter(|rows| !rows.is_empty()).unwrap_or(&reading.rejected)
}

/// The job, from a suite of its own to what is told of the result.
async fn worked(
    args: &Close,
    reading: &Reading,
    again: &mut Option<Reading>,
    unfinished: Unfinished,
    progress: &Progress,
) -> Result<u8> {
    let data = tempfile::tempdir().map_err(no_temporary)?;
    let place = match &args.database {
        Some(owner) => Place::Postgres(owner.clone()),
        None => Place::Folder(data.path().to_owned()),
    };
    let lang = Language::spoken();
    let (out, rejected_before) = (unfinished.dir().to_owned(), Rejections::new());
    let csv = Csv::of_switch(args.input.plain_csv);
    let job = Job { reading, rejected_before, out, form: FORM, csv, progress };
    let read_without = |refused: &Refusals| {
        read(&args.input.bundle, Options { refused: Some(refused), ..options(&args.input) }, progress)
    };
    let (home, outcome) = match close_alone(&place, lang.tag(), job, again, read_without).await {
        Ok(done) => done,
        Err(error) => {
            return Err(match unfinished.give_up() {
                Some(file) => because(msg!("FINDINGS_ARE_IN", file = file.display()), error),
                None => error,
            });
        }
    };
    let reading = again.as_ref().unwrap_or(reading);
    unfinished.finish()?;
    if args.json {
        print::text(&(serde_json::to_string_pretty(&outcome.summary)? + "\n"));
    } else {
        show::summary(&reading.bundle, &outcome, lang);
        print::text(&format!("\n{}\n", args.out.display()));
    }
    let explained = match &args.explain {
        Some(what) => explain(&home.crew, reading, &outcome, what, args.json, lang).await,
        None => Ok(()),
    };
    if let Err(error) = &explained {
        print::note(format_args!("tally: {}", say(lang.locale(), error)));
    }
    home.stop().await?;
    Ok(if outcome.summary.is_whole() && explained.is_ok() { DONE } else { cli::REJECTED })
}

/// Reads a bundle with progress.
pub fn read(dir: &Path, options: Options, progress: &Progress) -> Result<Reading, Unusable> {
    let bar = progress.bar(&msg!("PROGRESS_READING"), 0);
    let reading = read_bundle(dir, options, &mut |done, total| bar.of(done, total, ""));
    bar.done();
    reading
}

/// Rows that were rejected are why a bundle cannot be used, more often than not: they are written down all the same.
pub fn with_rejected(
    mut unusable: Unusable,
    out: &Path,
    prepare: impl FnOnce(&Path) -> Result<()>,
    csv: Csv,
    lang: Language,
) -> Unusable {
    let rows = std::mem::take(&mut unusable.rejected);
    // A folder that cannot take the file is another matter than the one that is told here.
    if !rows.is_empty() && prepare(out).and_then(|()| rejected(out, &rows, csv, lang.locale())).is_ok() {
        let file = out.join(REJECTED);
        *unusable.cure = msg!("CURE_AND_REJECTED", cure = *unusable.cure, file = file.display());
    }
    unusable
}

async fn explain(
    crew: &Crew,
    reading: &Reading,
    outcome: &CloseOutcome,
    what: &str,
    json: bool,
    lang: Language,
) -> Result<()> {
    let text = show::explain(crew, &reading.bundle, outcome, what, lang).await?;
    let Some(text) = text else { return Err(Said(unknown(&reading.bundle, what)).into()) };
    // With --json the standard output holds the summary and nothing else.
    if json {
        print::note(text)
    } else {
        print::text(&format!("\n{text}\n"))
    }
    Ok(())
}

/// What to name instead of something that the month does not know.
fn unknown(bundle: &Bundle, what: &str) -> Message {
    let ids = || bundle.records.iter().map(|record| bundle.text(record.external_id));
    let record = ids().find(|id| id.contains(what)).or_else(|| ids().next()).unwrap_or_default();
    let people = || bundle.people.iter().flat_map(|person| [person.employee_no.as_str(), person.name.as_str()]);
    let near = nearest(what, people()).or_else(|| people().next()).unwrap_or_default();
    msg!("NOT_IN_MONTH", what, record, person = near)
}
