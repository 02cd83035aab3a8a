//! `tally close`: the main job on somebody's own files.

use std::path::Path;

use anyhow::Result;
use tally_bundle::sheet::Csv;
use tally_bundle::{Options, Reading, Unusable, read_bundle};
use tally_kernel::msg;

use crate::cli::{self, Close, DONE, Language};
use crate::close::{
    CloseOutcome, Crew, FORM, Home, Job, Place, REJECTED, Rejections, clock_of, close as job, rejected, secret,
};
use crate::progress::Progress;
use crate::said::{Said, no_temporary, say};
use crate::show;

/// Reads the bundle, does the job in a suite of its own, writes the result folder and says what came of it.
pub async fn close(args: Close) -> Result<u8> {
    let progress = Progress::new(args.json);
    let csv = Csv::of_switch(args.input.plain_csv);
    let reading =
        read(&args.input.bundle, Options { from: args.input.from, to: args.input.to, literal: false }, &progress)
            .map_err(|unusable| with_rejected(unusable, &args.out, prepare, csv, args.input.lang))?;
    prepare(&args.out)?;
    let data = tempfile::tempdir().map_err(no_temporary)?;
    let place = match &args.database {
        Some(owner) => Place::Postgres(owner.clone()),
        None => Place::Folder(data.path().to_owned()),
    };
    let home = Home::start(&place, &reading.bundle, clock_of(&reading.bundle)?, &secret(), None).await?;
    let crew = home.crew.clone().speaking(args.input.lang.tag());
    let (out, rejected_before) = (args.out.clone(), Rejections::new());
    let work = Job { reading: &reading, rejected_before, out, form: FORM, csv, progress: &progress };
    let outcome = job(&crew, work).await?;
    if args.json {
        show::print(&(serde_json::to_string_pretty(&outcome.summary)? + "\n"));
    } else {
        show::summary(&reading.bundle, &outcome, args.input.lang);
        show::print(&format!("\n{}\n", args.out.display()));
    }
    let explained = match &args.explain {
        Some(what) => explain(&crew, &reading, &outcome, what, args.json, args.input.lang).await,
        None => Ok(()),
    };
    if let Err(error) = &explained {
        eprintln!("tally: {}", say(args.input.lang.locale(), error));
    }
    home.stop().await?;
    Ok(if outcome.summary.is_whole() && explained.is_ok() { DONE } else { cli::REJECTED })
}

/// Reads a bundle with progress.
pub fn read(dir: &Path, options: Options, progress: &Progress) -> Result<Reading, Unusable> {
    let bar = progress.bar("reading", 0);
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

/// The result folder must be new or empty: nothing of somebody's is written over. Only what a run left there that could not
/// use the bundle, the rejected rows alone, goes.
pub fn prepare(out: &Path) -> Result<()> {
    let folder = out.display();
    std::fs::create_dir_all(out).map_err(|error| Said(msg!("CANNOT_MAKE_FOLDER", folder, error)))?;
    let entries = std::fs::read_dir(out).map_err(|error| Said(msg!("CANNOT_READ", file = folder, error)))?;
    let names: Vec<_> = entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<_>>()?;
    if names == [REJECTED] {
        let unwritable = |error| Said(msg!("CANNOT_REPLACE", file = REJECTED, error));
        std::fs::remove_file(out.join(REJECTED)).map_err(unwritable)?;
    } else if !names.is_empty() {
        let (problem, cure) = (msg!("OUT_NOT_EMPTY"), msg!("OUT_NOT_EMPTY_CURE"));
        return Err(Unusable::new("OUT_NOT_EMPTY", folder.to_string(), problem, cure).into());
    }
    Ok(())
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
    let Some(text) = text else { return Err(Said(msg!("NOT_IN_MONTH", what)).into()) };
    // With --json the standard output holds the summary and nothing else.
    if json {
        eprintln!("{text}")
    } else {
        show::print(&format!("\n{text}\n"))
    }
    Ok(())
}
