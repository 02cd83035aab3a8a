//! `tally import`: a bundle goes into a running suite.

use std::fs::File;
use std::io::{BufWriter, ErrorKind};
use std::path::Path;

use anyhow::{Context as _, Result};
use tally_kernel::msg;

use super::close::{read, with_rejected};
use super::settings::session;
use crate::bundle::{Bundle, Options, Reading};
use crate::cli::{self, DONE, Import};
use crate::close::{REJECTED, rejected};
use crate::progress::Progress;
use crate::said::Said;
use crate::session::Session;
use crate::sheet::{Csv, Sheet};
use crate::show;
use crate::upload::{self, Census, FileReport, Refused, Report, Taken, census};

/// The file of what came of it.
const REPORT: &str = "report.json";
/// The file of the rows that the suite did not take.
const REFUSED: &str = "refused.csv";

/// Reads the bundle, brings it in and reports. It may be run again at any time: what is in counts as there already.
pub async fn import(args: Import) -> Result<u8> {
    let Some(session) = session(&args.server).await? else { return Ok(DONE) };
    let session = session.speaking(args.input.lang.tag());
    let (progress, csv) = (Progress::new(args.json), Csv::of_switch(args.input.plain_csv));
    let reading =
        read(&args.input.bundle, Options { from: args.input.from, to: args.input.to, literal: false }, &progress)
            .map_err(|unusable| with_rejected(unusable, &args.out, begin, csv, args.input.lang))?;
    begin(&args.out)?;
    rejected(&args.out, &reading.rejected, csv, args.input.lang.locale())?;
    let mut taken = Taken::beside_others(args.input.lang.locale());
    let role = || tally_i18n::text(args.input.lang.locale(), &msg!("IMPORT_NEEDS"));
    let before = counted(&session, &reading.bundle, &progress).await.with_context(role)?;
    let sent = send(&session, &reading.bundle, &mut taken, &progress).await;
    // What was refused is written down also where the connection broke afterwards.
    refused(&args.out, &taken.refused, csv)?;
    let stopped = || tally_i18n::text(args.input.lang.locale(), &msg!("IMPORT_STOPPED", rows = taken.in_place()));
    sent.with_context(stopped)?;
    let after = counted(&session, &reading.bundle, &progress).await.with_context(stopped)?;
    let report = report(&reading, &taken, before, after);
    let text = serde_json::to_string_pretty(&report)? + "\n";
    let file = args.out.join(REPORT);
    std::fs::write(&file, &text).map_err(|error| Said(msg!("CANNOT_WRITE", file = file.display(), error)))?;
    if args.json {
        show::print(&text);
    } else {
        show::imported(&report, &args.out, args.input.lang);
    }
    Ok(if report.rejected + report.refused == 0 { DONE } else { cli::REJECTED })
}

/// The folder is there, and nothing in it tells of an earlier import; what else is in it is somebody's and stays.
fn begin(out: &Path) -> Result<()> {
    std::fs::create_dir_all(out).map_err(|error| Said(msg!("CANNOT_MAKE_FOLDER", folder = out.display(), error)))?;
    for file in [REPORT, REFUSED, REJECTED].map(|name| out.join(name)) {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Said(msg!("CANNOT_REPLACE", file = file.display(), error)).into());
            }
            _ => {}
        }
    }
    Ok(())
}

async fn send(session: &Session, bundle: &Bundle, taken: &mut Taken, progress: &Progress) -> Result<()> {
    let ids = upload::organisation(session, bundle, taken).await?;
    let bar = progress.bar("records", bundle.records.len() as u64);
    upload::records(session, bundle, &ids, taken, |done| bar.set(done)).await?;
    bar.done();
    Ok(())
}

async fn counted(session: &Session, bundle: &Bundle, progress: &Progress) -> Result<Census> {
    let bar = progress.bar("counting", 0);
    let found = census(session, bundle, |records| bar.set(records)).await;
    bar.done();
    found
}

fn report(reading: &Reading, taken: &Taken, before: Census, after: Census) -> Report {
    let period = reading.bundle.period;
    Report {
        period: (period.from.to_string(), period.to.to_string()),
        files: taken.files.iter().map(|(file, rows)| FileReport { file, rows: *rows }).collect(),
        rejected: reading.rejected.len() as u64,
        refused: taken.refused.len() as u64,
        before,
        after,
    }
}

/// Writes [`REFUSED`].
fn refused(dir: &Path, rows: &[Refused], csv: Csv) -> Result<()> {
    let path = dir.join(REFUSED);
    let file = File::create(&path).map_err(|error| Said(msg!("CANNOT_WRITE", file = path.display(), error)))?;
    let mut sheet = Sheet::new(BufWriter::new(file), &["file", "row", "reason", "message"], csv)?;
    for row in rows {
        sheet.row([row.file, &row.row, &row.reason, &row.message])?;
    }
    sheet.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error).context(REFUSED)?;
    Ok(())
}
