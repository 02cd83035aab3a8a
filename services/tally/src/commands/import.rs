//! `tally import`: a bundle goes into a running suite.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, ErrorKind};
use std::path::Path;

use anyhow::{Context as _, Result};
use tally_bundle::sheet::{Csv, Sheet};
use tally_bundle::{Bundle, Unusable};
use tally_import::{Census, Refused, Report, Step, Taken, census};
use tally_kernel::{Kind, msg};

use super::close::{options, read, with_rejected};
use super::settings::session;
use crate::cli::{self, DONE, Import, Language};
use crate::close::{FINDINGS, REJECTED, findings_of, rejected, write_findings};
use crate::print;
use crate::progress::{Bar, Progress};
use crate::said::{Refusal, Said, and_so};
use crate::session::Session;
use crate::show;

/// The file of what came of it.
const REPORT: &str = "report.json";
/// The file of the rows that the suite did not take.
const REFUSED: &str = "refused.csv";

/// What the names of both begin with when they are those of the import before.
const EARLIER: &str = "earlier-";

/// Reads the bundle, brings it in and reports. It may be run again at any time: what is in counts as there already.
pub async fn import(args: Import) -> Result<u8> {
    let Some(session) = session(&args.server).await? else { return Ok(DONE) };
    let lang = Language::spoken();
    let (progress, csv) = (Progress::new(args.json, lang), Csv::of_switch(args.input.plain_csv));
    let reading = read(&args.input.bundle, options(&args.input), &progress)
        .map_err(|unusable| with_rejected(unusable, &args.out, begin, csv, lang))?;
    begin(&args.out)?;
    rejected(&args.out, &reading.rejected, csv, lang.locale())?;
    let findings = found(&args, &reading.bundle, csv, lang)?;
    let mut taken = Taken::beside_others(lang.locale());
    let before = counted(&session, &reading.bundle, &progress).await.map_err(|error| came_of(error, &taken))?;
    tally_import::fits(&session, &reading.bundle).await.map_err(|error| came_of(error, &taken))?;
    let mut shown: Option<(Step, Bar)> = None;
    let tell = |step: Step, done, total| {
        if shown.as_ref().is_none_or(|(at, _)| *at != step) {
            let next = (step, progress.bar(&step.said(), total));
            if let Some((_, before)) = shown.replace(next) {
                before.done();
            }
        }
        if let Some((_, bar)) = &shown {
            bar.set(done);
        }
    };
    let sent = tokio::select! {
        sent = tally_import::send(&session, &reading.bundle, &mut taken, tell) => sent,
        _ = tokio::signal::ctrl_c() => Err(Said(msg!("IMPORT_INTERRUPTED")).into()),
    };
    // What was refused is written down also where the connection broke afterwards.
    refused(&args.out, &taken.refused, csv)?;
    if let Some((_, bar)) = shown {
        bar.done();
    }
    sent.map_err(|error| came_of(error, &taken))?;
    let after = counted(&session, &reading.bundle, &progress).await.map_err(|error| came_of(error, &taken))?;
    let report = Report::of(&reading, findings, &taken, before, after);
    let text = serde_json::to_string_pretty(&report)? + "\n";
    let file = args.out.join(REPORT);
    std::fs::write(&file, &text)
        .map_err(|error| Said(msg!("CANNOT_WRITE", file = file.display(), error = tally_i18n::io(&error))))?;
    if args.json {
        print::text(&text);
    } else {
        show::imported(&report, &args.out, lang);
    }
    Ok(if report.rejected + report.refused == 0 { DONE } else { cli::REJECTED })
}

/// Tells what the reading found while nothing is written yet. Values that the files lost end the import, unless somebody wants
/// them as they are: the suite would keep them for good, and refuse the right ones.
fn found(args: &Import, bundle: &Bundle, csv: Csv, lang: Language) -> Result<BTreeMap<String, u64>> {
    let (kinds, _) = write_findings(&args.out, findings_of(bundle, lang.locale()), csv)?;
    if !args.json {
        show::findings(&kinds, lang);
    }
    match tally_import::damage(bundle).filter(|_| !args.accept_damaged) {
        None => Ok(kinds),
        Some((file, said)) => Err(Unusable::new("VALUES_LOST", file, said, msg!("IMPORT_DAMAGED_CURE")).into()),
    }
}

/// What a failure comes to: why, then who may import, what is in place, and what to do.
fn came_of(error: anyhow::Error, taken: &Taken) -> anyhow::Error {
    let rows = taken.in_place();
    let refusal = error.chain().find_map(|cause| cause.downcast_ref::<Refusal>());
    let message = match refusal.map(|refusal| (refusal.kind(), refusal.away())) {
        Some((Kind::PermissionDenied, _)) => msg!("IMPORT_NEEDS"),
        // It says all there is to say by itself.
        Some((_, Some(service))) => return Said(msg!("IMPORT_SERVICE_AWAY", service, rows)).into(),
        Some((Kind::Unauthenticated, _)) if rows == 0 => return error,
        Some((Kind::InvalidArgument | Kind::FailedPrecondition, _)) => msg!("IMPORT_STOPPED.mend", rows),
        None if error.is::<Unusable>() => return error,
        Some(_) | None => msg!("IMPORT_STOPPED", rows),
    };
    and_so(error, message)
}

/// The folder is there, and nothing in it is taken for what comes of this import: what the last one that came to its end
/// reported has another name from now on, whatever becomes of this one. What else is in the folder is somebody's and stays.
fn begin(out: &Path) -> Result<()> {
    std::fs::create_dir_all(out)
        .map_err(|error| Said(msg!("CANNOT_MAKE_FOLDER", folder = out.display(), error = tally_i18n::io(&error))))?;
    let replaced = |file: &Path, done: std::io::Result<()>| match done {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Said(msg!("CANNOT_REPLACE", file = file.display(), error = tally_i18n::io(&error))))
        }
        _ => Ok(()),
    };
    // The report goes last: it says that the other belongs to it.
    if out.join(REPORT).exists() {
        for name in [REFUSED, REPORT] {
            let (file, earlier) = (out.join(name), out.join(format!("{EARLIER}{name}")));
            replaced(&earlier, std::fs::rename(&file, &earlier))?;
        }
    }
    for file in [REFUSED, REJECTED, FINDINGS].map(|name| out.join(name)) {
        replaced(&file, std::fs::remove_file(&file))?;
    }
    Ok(())
}

async fn counted(session: &Session, bundle: &Bundle, progress: &Progress) -> Result<Census> {
    let bar = progress.bar(&msg!("PROGRESS_COUNTING"), 0);
    let found = census(session, bundle, |records| bar.set(records)).await;
    bar.done();
    found
}

/// Writes [`REFUSED`].
fn refused(dir: &Path, rows: &[Refused], csv: Csv) -> Result<()> {
    let path = dir.join(REFUSED);
    let file = File::create(&path)
        .map_err(|error| Said(msg!("CANNOT_WRITE", file = path.display(), error = tally_i18n::io(&error))))?;
    let mut sheet = Sheet::new(BufWriter::new(file), &["file", "row", "reason", "cure", "code"], csv)?;
    for row in rows {
        sheet.row([&row.file, &row.row, &row.reason, &row.cure, &row.code].map(String::as_str))?;
    }
    sheet.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error).context(REFUSED)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_that_stops_leaves_what_the_last_one_reported() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).ok();
        for name in [REPORT, REFUSED, REJECTED, FINDINGS, "mine.txt"] {
            write(name, "first");
        }
        begin(folder.path()).unwrap();
        for (name, text) in [
            ("earlier-report.json", Some("first")),
            ("earlier-refused.csv", Some("first")),
            ("mine.txt", Some("first")),
            (REPORT, None),
            (REFUSED, None),
            (REJECTED, None),
            (FINDINGS, None),
        ] {
            assert_eq!(read(name).as_deref(), text, "{name}");
        }
        // The one that stopped wrote what was refused until then, and no report.
        write(REFUSED, "stopped");
        begin(folder.path()).unwrap();
        assert_eq!(read("earlier-report.json").as_deref(), Some("first"));
        assert_eq!((read("earlier-refused.csv").as_deref(), read(REFUSED)), (Some("first"), None));
        write(REPORT, "second");
        write(REFUSED, "second");
        begin(folder.path()).unwrap();
        assert_eq!(read("earlier-report.json").as_deref(), Some("second"));
        assert_eq!(read("earlier-refused.csv").as_deref(), Some("second"));
    }
}
