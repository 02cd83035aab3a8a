//! `tally import`: a bundle goes into a running suite.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, ErrorKind};
use std::path::Path;

use anyhow::{Context as _, Result};
use tally_api::identity::v1::GetTenantRequest;
use tally_api::identity::v1::tenant_service_client::TenantServiceClient;
use tally_bundle::sheet::{Csv, Sheet};
use tally_bundle::{Bundle, DEFAULT_REGION, Finding, FindingKind, Reading, Unusable};
use tally_kernel::message::Arg;
use tally_kernel::{Kind, Message, msg};

use super::close::{options, read, with_rejected};
use super::settings::session;
use crate::cli::{self, DONE, Import, Language};
use crate::close::{FINDINGS, REJECTED, findings_of, rejected, write_findings};
use crate::print;
use crate::progress::Progress;
use crate::said::{Refusal, Said, and_so, told};
use crate::session::Session;
use crate::show;
use crate::upload::{self, Census, FileReport, Refused, Report, Taken, census};

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
    fits(&session, &reading.bundle).await.map_err(|error| came_of(error, &taken))?;
    let sent = tokio::select! {
        sent = send(&session, &reading.bundle, &mut taken, &progress) => sent,
        _ = tokio::signal::ctrl_c() => Err(Said(msg!("IMPORT_INTERRUPTED")).into()),
    };
    // What was refused is written down also where the connection broke afterwards.
    refused(&args.out, &taken.refused, csv)?;
    sent.map_err(|error| came_of(error, &taken))?;
    let after = counted(&session, &reading.bundle, &progress).await.map_err(|error| came_of(error, &taken))?;
    let report = report(&reading, findings, &taken, before, after);
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
    let lost: Vec<_> = bundle.findings.iter().filter_map(|finding| Some((finding, lost(finding)?))).collect();
    let Some((first, _)) = lost.first().filter(|_| !args.accept_damaged) else { return Ok(kinds) };
    let file = first.file.as_str();
    let columns = Arg::List(lost.into_iter().map(|(_, told)| told).collect());
    Err(Unusable::new("VALUES_LOST", file, msg!("IMPORT_DAMAGED", columns), msg!("IMPORT_DAMAGED_CURE")).into())
}

/// What a finding says of values that no file holds any more; nothing where none was lost.
fn lost(finding: &Finding) -> Option<Message> {
    let Finding { kind: FindingKind::DamagedId, subject, detail, count, .. } = finding else { return None };
    match (detail.id(), detail.args().get("example")) {
        ("SHORTENED_ID_KEPT" | "SHORTENED_CUSTOMER", Some(example)) => {
            Some(msg!("IMPORT_DAMAGED_COLUMN", column = subject, count, example = *example))
        }
        ("VALUE_LOST_EMPTY" | "VALUE_LOST_KEPT", Some(example)) => {
            Some(msg!("IMPORT_DAMAGED_COLUMN.failed", column = subject, count, example = *example))
        }
        // As an earlier reading told it, in the inputs of a result.
        ("", _) => Some(detail.clone()),
        _ => None,
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

/// The bundle is one of this group: its amounts are in the same currency, and its branches lie where they lie in the suite.
/// Else amounts would mean something else, and every row would be refused for want of its unit, or be kept elsewhere.
async fn fits(session: &Session, bundle: &Bundle) -> Result<()> {
    let mut client = TenantServiceClient::new(session.at.identity.clone());
    let reply = client.get_tenant(session.ask(GetTenantRequest {})).await.map_err(told)?.into_inner();
    let tenant = reply.tenant.unwrap_or_default();
    let unusable = |code, problem, cure| Err(Unusable::new(code, "group.yaml", problem, cure).into());
    let said = &bundle.group.currency;
    if *said != tenant.currency && bundle.records.iter().any(|record| record.amount_minor.is_some()) {
        let is = &tenant.currency;
        let cure = msg!("IMPORT_CURRENCY_CURE", is);
        return unusable("CURRENCY_DIFFERS", msg!("IMPORT_CURRENCY", said, is), cure);
    }
    let known = tenant.regions;
    let unknown: Vec<String> = upload::regions(bundle).into_iter().filter(|region| !known.contains(region)).collect();
    let unnamed: Vec<&str> =
        upload::branches(bundle).into_iter().filter(|branch| !bundle.group.branches.contains_key(*branch)).collect();
    if let (Some(branch), Some(region)) = (unnamed.first(), known.first())
        && unknown.iter().any(|region| region == DEFAULT_REGION)
    {
        let (branches, known) = (unnamed.join(", "), known.join(", "));
        let cure = msg!("IMPORT_NO_REGION_CURE", branch, region, known);
        return unusable("REGION_UNKNOWN", msg!("IMPORT_NO_REGION", branches, default = DEFAULT_REGION), cure);
    }
    if !unknown.is_empty() {
        let (unknown, known) = (unknown.join(", "), known.join(", "));
        let cure = msg!("IMPORT_REGIONS_CURE", known);
        return unusable("REGION_UNKNOWN", msg!("IMPORT_REGIONS", unknown), cure);
    }
    for unit in upload::units_there(session).await? {
        let (branch, is, said) = (&unit.path, &unit.region, bundle.region_of(&unit.path));
        if upload::branches(bundle).contains(branch.as_str()) && is != said {
            let problem = msg!("IMPORT_BRANCH_REGION", branch, is, said);
            return unusable("REGION_DIFFERS", problem, msg!("IMPORT_BRANCH_REGION_CURE", branch, is));
        }
    }
    Ok(())
}

async fn send(session: &Session, bundle: &Bundle, taken: &mut Taken, progress: &Progress) -> Result<()> {
    let ids = upload::organisation(session, bundle, taken).await?;
    upload::rates(session, bundle, taken).await?;
    let bar = progress.bar(&msg!("STEP_RECORDS"), bundle.records.len() as u64);
    upload::records(session, bundle, &ids, taken, |done| bar.set(done)).await?;
    bar.done();
    if !bundle.replies.is_empty() {
        let bar = progress.bar(&msg!("STEP_REPLIES"), bundle.replies.len() as u64);
        upload::replies(session, bundle, &ids, taken, |done| bar.set(done)).await?;
        bar.done();
    }
    upload::claims(session, bundle, &ids, taken).await?;
    upload::observations(session, bundle, &ids, taken).await
}

async fn counted(session: &Session, bundle: &Bundle, progress: &Progress) -> Result<Census> {
    let bar = progress.bar(&msg!("PROGRESS_COUNTING"), 0);
    let found = census(session, bundle, |records| bar.set(records)).await;
    bar.done();
    found
}

fn report(reading: &Reading, findings: BTreeMap<String, u64>, taken: &Taken, before: Census, after: Census) -> Report {
    let period = reading.bundle.period;
    Report {
        period: (period.from.to_string(), period.to.to_string()),
        files: FileReport::all(reading, taken),
        rejected: reading.rejected_rows.values().sum(),
        refused: taken.refused.len() as u64,
        findings,
        before,
        after,
    }
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
