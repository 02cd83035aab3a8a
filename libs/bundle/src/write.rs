//! The canonical form of a bundle: UTF-8, sorted rows, RFC 3339 times in UTC, every default written out.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use jiff::civil::Date;
use serde::Serialize;
use tally_i18n::text;
use tally_kernel::{Locale, Message, msg};

use super::bundle::Bundle;
use super::cell::major;
use super::claimed::CLAIMS;
use super::cleaned::Need::Required;
use super::devices::DEVICES;
use super::diagnostics::{Finding, FindingKind, Unusable, Wrong};
use super::duty;
use super::group::{Group, Period};
use super::layout::Layout;
use super::model::{AccountIx, DeviceOwner, Measure, MeasureValues, Observed, Record, Subject};
use super::observed::OBSERVATIONS;
use super::people::{ACCOUNTS, ALIASES, Diagnostics, PEOPLE, PEOPLE_ALWAYS, each_row};
use super::rates::RATES;
use super::records::{ALWAYS, CANONICAL, MORE, SHARED};
use super::replied::REPLIES;
use super::source::{FileDigest, READING, Source};
use super::symbols::Symbol;

/// What the first reading of a bundle found; only in a normalised bundle, which has nothing left to convert.
static FINDINGS: Layout = Layout {
    file: READING,
    columns: &[
        ("kind", Required),
        ("file", Required),
        ("subject", Required),
        ("detail", Required),
        ("count", Required),
    ],
    extras: false,
};

/// Writes `bundle` to `dir` (made when missing) so that [`read_bundle`](super::read_bundle) gives an equal one; findings are
/// kept in words, in the language of the result.
/// Returns the digests of the files, which do not depend on the order of rows of the original, by name.
///
/// # Errors
/// The folder or a file cannot be written.
pub fn write_normalised(bundle: &Bundle, dir: &Path, locale: Locale) -> io::Result<Vec<FileDigest>> {
    fs::create_dir_all(dir)?;
    let mut out = Out { dir, digests: Vec::new() };
    settings(bundle, &mut out)?;
    people(bundle, &mut out)?;
    accounts(bundle, &mut out)?;
    let labels: Vec<String> = (0..bundle.accounts.len()).map(|i| bundle.account_label(AccountIx(i as u32))).collect();
    records(bundle, &mut out)?;
    replies(bundle, &labels, &mut out)?;
    claims(bundle, &labels, &mut out)?;
    duties(bundle, &labels, &mut out)?;
    observations(bundle, &mut out)?;
    rates(bundle, &mut out)?;
    let in_words = |f: &Finding| (f.kind, f.file.clone(), f.subject.clone(), text(locale, &f.detail), f.count);
    let mut findings: Vec<_> = bundle.findings.iter().map(in_words).collect();
    findings.sort();
    out.table(&FINDINGS, &[], &findings, |row, (kind, file, subject, detail, count)| {
        row.push(kind.into());
        row.push(file);
        row.push(subject);
        row.push(detail);
        row.push(&count.to_string());
    })?;
    out.digests.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(out.digests)
}

/// A writer that takes the digest of what it writes.
struct Digesting {
    file: io::BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Digesting {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.file.write(buf)?;
        self.hasher.update(&buf[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A row under construction, reused.
#[derive(Default)]
struct Cells(csv::ByteRecord);

impl Cells {
    fn push(&mut self, text: &str) {
        self.0.push_field(text.as_bytes());
    }

    fn push_opt<T: ToString>(&mut self, value: Option<T>) {
        self.push(&value.map_or_else(String::new, |v| v.to_string()));
    }
}

struct Out<'a> {
    dir: &'a Path,
    digests: Vec<FileDigest>,
}

impl Out<'_> {
    fn create(&self, name: &str) -> io::Result<Digesting> {
        let file = io::BufWriter::with_capacity(256 * 1024, File::create(self.dir.join(name))?);
        Ok(Digesting { file, hasher: blake3::Hasher::new(), bytes: 0 })
    }

    fn close(&mut self, name: &str, mut file: Digesting) -> io::Result<()> {
        file.flush()?;
        let blake3 = file.hasher.finalize().to_hex().to_string();
        self.digests.push(FileDigest { file: name.to_owned(), bytes: file.bytes, blake3 });
        Ok(())
    }

    fn yaml<T: Serialize>(&mut self, name: &str, value: &T) -> io::Result<()> {
        let text = serde_norway::to_string(value).map_err(io::Error::other)?;
        let mut file = self.create(name)?;
        file.write_all(text.as_bytes())?;
        self.close(name, file)
    }

    /// A file with a row for each of `rows`; no file for no rows.
    fn table<'r, T: 'r>(
        &mut self,
        layout: &Layout,
        extras: &[Measure],
        rows: impl IntoIterator<Item = &'r T>,
        fill: impl Fn(&mut Cells, &'r T),
    ) -> io::Result<()> {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let mut writer = csv::WriterBuilder::new().buffer_capacity(64 * 1024).from_writer(self.create(layout.file)?);
        let mut cells = Cells::default();
        layout.columns.iter().for_each(|(name, _)| cells.push(name));
        extras.iter().for_each(|measure| cells.push(&measure.name));
        writer.write_byte_record(&cells.0)?;
        for row in rows {
            cells.0.clear();
            fill(&mut cells, row);
            writer.write_byte_record(&cells.0)?;
        }
        let file = writer.into_inner().map_err(|err| err.into_error())?;
        self.close(layout.file, file)
    }
}

fn settings(bundle: &Bundle, out: &mut Out<'_>) -> io::Result<()> {
    #[derive(Serialize)]
    struct Span {
        from: Date,
        to: Date,
    }
    #[derive(Serialize)]
    struct GroupFile<'a> {
        #[serde(flatten)]
        group: &'a Group,
        period: Span,
    }
    let Period { from, to } = bundle.period;
    out.yaml("group.yaml", &GroupFile { group: &bundle.group, period: Span { from, to } })?;
    out.yaml("policy.yaml", &bundle.policy)?;
    out.yaml("scheme.yaml", &bundle.scheme)?;
    match &bundle.pool {
        Some(pool) => out.yaml("pool.yaml", pool),
        None => Ok(()),
    }
}

fn people(bundle: &Bundle, out: &mut Out<'_>) -> io::Result<()> {
    let rows: Vec<_> = bundle.people.iter().flat_map(|p| p.employments.iter().map(move |e| (p, e))).collect();
    let more = rows.iter().any(|(_, e)| e.kind.is_some());
    let columns = if more { PEOPLE.columns } else { &PEOPLE.columns[..PEOPLE_ALWAYS] };
    out.table(&Layout { columns, ..PEOPLE }, &[], &rows, |row, (p, e)| {
        for text in [&p.employee_no, &p.name, &e.org_unit, &e.position, &e.grade] {
            row.push(text);
        }
        row.push(&e.hired_on.to_string());
        row.push_opt(e.left_on);
        row.push(&p.zone);
        if more {
            row.push_opt(e.kind);
        }
    })
}

fn accounts(bundle: &Bundle, out: &mut Out<'_>) -> io::Result<()> {
    let phases: Vec<_> = bundle.accounts.iter().flat_map(|a| a.phases.iter().map(move |p| (a, p))).collect();
    out.table(&ACCOUNTS, &[], &phases, |row, (a, phase)| {
        for text in [a.platform.as_str(), &a.store, &a.name, phase.kind.into()] {
            row.push(text);
        }
        row.push(&phase.capacity.to_string());
        row.push(&a.zone);
        row.push(a.team.as_deref().unwrap_or_default());
        row.push_opt(phase.from);
        row.push(if a.exclusive { "true" } else { "false" });
    })
}

fn records(bundle: &Bundle, out: &mut Out<'_>) -> io::Result<()> {
    let text = |symbol: Option<Symbol>| symbol.map_or("", |s| bundle.text(s));
    let indexed: Vec<(usize, &Record)> = bundle.records.iter().enumerate().collect();
    let more = |r: &Record| r.revision > 0 || r.currency.is_some() || r.refers_to.is_some();
    let more = bundle.records.iter().any(more);
    let shared = bundle.records.iter().any(|r| r.contributors.is_some());
    let devices = bundle.records.iter().any(|r| r.device.is_some());
    let columns = match (more, shared, devices) {
        (_, _, true) => CANONICAL.columns,
        (_, true, false) => &CANONICAL.columns[..SHARED],
        (true, false, false) => &CANONICAL.columns[..MORE],
        (false, false, false) => &CANONICAL.columns[..ALWAYS],
    };
    let layout = Layout { columns, ..CANONICAL };
    out.table(&layout, &bundle.measures, &indexed, |row, (i, r)| {
        let account = bundle.account(r.account);
        for text in [account.platform.as_str(), &account.store, &account.name, bundle.text(r.external_id)] {
            row.push(text);
        }
        row.push(&r.started_at.to_string());
        row.push(&r.ended_at.to_string());
        row.push(r.agent.map_or("", |p| &bundle.person(p).employee_no));
        row.push(text(r.kind));
        row.push_opt(r.first_reply_seconds);
        row.push_opt(r.resolved);
        row.push_opt(r.rating);
        let currency = r.currency.map_or(bundle.group.currency.as_str(), |code| bundle.text(code));
        row.push_opt(r.amount_minor.map(|minor| major(minor, currency)));
        row.push(text(r.customer));
        if more || shared || devices {
            row.push_opt(Some(r.revision).filter(|revision| *revision > 0));
            row.push(text(r.currency));
            row.push(text(r.refers_to));
        }
        if shared || devices {
            row.push(text(r.contributors));
        }
        if devices {
            row.push(text(r.device));
        }
        for measure in &bundle.measures {
            match &measure.values {
                MeasureValues::Numbers(values) => row.push_opt(values[*i]),
                MeasureValues::Texts(values) => row.push(text(values[*i])),
            }
        }
    })
}

fn replies(bundle: &Bundle, labels: &[String], out: &mut Out<'_>) -> io::Result<()> {
    out.table(&REPLIES, &[], &bundle.replies, |row, reply| {
        let record = bundle.record(reply.record);
        row.push(&labels[record.account.0 as usize]);
        row.push(bundle.text(record.external_id));
        row.push(&reply.at.to_string());
        row.push(reply.by.into());
        row.push(bundle.device(reply).unwrap_or_default());
    })
}

fn claims(bundle: &Bundle, labels: &[String], out: &mut Out<'_>) -> io::Result<()> {
    out.table(&CLAIMS, &[], &bundle.claims, |row, claim| {
        row.push(&labels[claim.account.0 as usize]);
        row.push(&claim.at.to_string());
        row.push(&bundle.person(claim.person).employee_no);
        row.push(claim.external_id.as_deref().unwrap_or_default());
        row.push(claim.customer.as_deref().unwrap_or_default());
    })
}

fn duties(bundle: &Bundle, labels: &[String], out: &mut Out<'_>) -> io::Result<()> {
    let no = |person| &bundle.person(person).employee_no;
    // As it was written before there were seats, where nobody names one.
    let seats = bundle.rosters.iter().any(|r| r.seat.is_some());
    let columns = if seats { duty::ROSTERS.columns } else { &duty::ROSTERS.columns[..duty::ROSTERS_ALWAYS] };
    out.table(&Layout { columns, ..duty::ROSTERS }, &[], &bundle.rosters, |row, r| {
        row.push(no(r.person));
        row.push(&labels[r.account.0 as usize]);
        row.push(&r.start.to_string());
        row.push(&r.end.to_string());
        if seats {
            row.push(r.seat.as_deref().unwrap_or_default());
        }
    })?;
    out.table(&duty::PUNCHES, &[], &bundle.punches_given, |row, p| {
        row.push(no(p.person));
        row.push(&p.at.to_string());
        row.push(p.kind.map_or("", Into::into));
    })?;
    out.table(&duty::HANDOVERS, &[], &bundle.handovers, |row, h| {
        row.push(&labels[h.account.0 as usize]);
        row.push(no(h.person));
        row.push(&h.at.to_string());
        row.push(h.kind.into());
    })?;
    out.table(&ALIASES, &[], &bundle.aliases, |row, a| {
        row.push(&a.platform);
        row.push(&a.alias);
        row.push(no(a.person));
        row.push_opt(a.from);
        row.push_opt(a.to);
    })?;
    out.table(&DEVICES, &[], &bundle.owned, |row, d| {
        let (number, seat) = match &d.owner {
            DeviceOwner::Person(person) => (no(*person).as_str(), ""),
            DeviceOwner::Seat(seat) => ("", seat.as_str()),
        };
        for text in [&d.device, number, seat] {
            row.push(text);
        }
        row.push_opt(d.from);
        row.push_opt(d.to);
    })
}

fn observations(bundle: &Bundle, out: &mut Out<'_>) -> io::Result<()> {
    out.table(&OBSERVATIONS, &[], &bundle.observations, |row, o| {
        row.push(&o.measure);
        let (kind, subject, run_by) = match &o.subject {
            Subject::Person(ix) => ("person", bundle.person(*ix).employee_no.clone(), None),
            Subject::Unit(path) => ("unit", path.clone(), None),
            Subject::Account(ix) => ("account", bundle.account(*ix).path(), None),
            Subject::Store(name) => ("store", name.clone(), None),
            Subject::Campaign { name, run_by } => ("campaign", name.clone(), run_by.as_ref()),
        };
        row.push(kind);
        row.push(&subject);
        let (days, at) = match o.when {
            Observed::Days(from, to) => (Some((from, to)), None),
            Observed::At(at) => (None, Some(at)),
        };
        row.push_opt(days.map(|(from, _)| from));
        row.push_opt(days.map(|(_, to)| to));
        row.push_opt(at);
        row.push(&o.value.to_string());
        row.push(&o.source);
        row.push_opt(Some(o.revision).filter(|revision| *revision > 0));
        row.push_opt(run_by);
    })
}

fn rates(bundle: &Bundle, out: &mut Out<'_>) -> io::Result<()> {
    out.table(&RATES, &[], &bundle.rates, |row, rate| {
        row.push(&rate.day.to_string());
        for text in [&rate.from, &rate.to, &rate.rate, &rate.source] {
            row.push(text);
        }
    })
}

/// Reads the findings of the first reading back.
pub(crate) fn read_findings(source: Option<&Source>, diagnostics: &mut Diagnostics<'_, '_>) -> Result<(), Unusable> {
    let rows = each_row(source, &FINDINGS, false, diagnostics, |row, diagnostic| {
        let unknown = || Wrong::new(msg!("NO_KIND_OF_FINDING"), msg!("NO_KIND_OF_FINDING_CURE"));
        let kind = diagnostic.take("kind", row.get(0).parse::<FindingKind>().map_err(|_| unknown()));
        let count = row.get(4).parse().map_err(|_| Wrong::new(msg!("NO_COUNT"), msg!("DELETE_THE_FILE")));
        let count: Option<u64> = diagnostic.take("count", count);
        let text = |i: usize| row.get(i).to_owned();
        Some((kind?, text(1), text(2), text(3), count?))
    })?;
    for ((kind, file, subject, detail, count), _) in rows {
        diagnostics.findings.add(kind, &file, subject, Message::told(detail), count);
    }
    Ok(())
}
