//! records.csv: streamed row by row into compact records, then made independent of the order of rows.
//!
//! A row keeps no text of its own: every text becomes a symbol. At the end the rows are ordered, repeated external ids
//! are settled, extra columns become numbers or texts, and the symbols are renumbered in the order of their texts.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;
use rust_decimal::Decimal;
use tally_kernel::{Message, limits, msg};

use super::cell::{self, shown};
use super::cleaned::Need;
use super::diagnostics::{FindingKind, RowDiagnostic, Seen, Unusable, Wrong};
use super::directory::Directory;
use super::exported;
use super::group::Period;
use super::layout::Layout;
use super::measures::{self, Column, Odd, Raw};
use super::model::{Measure, Record};
use super::numbers::Numbers;
use super::people::Diagnostics;
use super::refusals::RowName;
use super::source::Source;
use super::symbols::{Symbol, Symbols};
use super::table::{Row, Table};
use super::twice::Twice;

use Need::{Expected, Optional, Required};

mod length;
mod lost;
mod paid;
mod period;
mod repeats;
mod shared;

pub(crate) use lost::{Fate, Lost};
use period::no_record;

/// More records than this do not fit one close.
const RECORD_LIMIT: usize = 20_000_000;

pub(crate) static RECORDS: Layout = Layout {
    file: "records.csv",
    columns: &[
        ("platform", Required),
        ("store", Required),
        ("account", Required),
        ("external_id", Required),
        ("started_at", Required),
        ("ended_at", Required),
        ("agent", Expected),
        ("kind", Expected),
        ("first_reply_seconds", Expected),
        ("resolved", Expected),
        ("rating", Expected),
        ("amount", Expected),
        ("customer", Optional),
        ("revision", Optional),
        ("currency", Optional),
        ("refers_to", Optional),
        ("revised_at", Optional),
        ("contributors", Optional),
        ("device", Optional),
    ],
    extras: true,
};

/// The columns that every bundle has in its canonical form.
pub(crate) const ALWAYS: usize = 13;
/// Those that it has where a record says more than that, and names neither contributors nor a device.
pub(crate) const MORE: usize = 16;
/// Those that it has where a record names contributors, and none a device.
pub(crate) const SHARED: usize = 17;
/// The place of the device in a file that people wrote.
const DEVICE: usize = 18;

/// The columns of the canonical form where a record says more. Before there was more to say, a bundle could have measures of these
/// names, and a result that was closed then has them.
pub(crate) static CANONICAL: Layout = Layout {
    file: "records.csv",
    columns: &[
        ("platform", Required),
        ("store", Required),
        ("account", Required),
        ("external_id", Required),
        ("started_at", Required),
        ("ended_at", Required),
        ("agent", Expected),
        ("kind", Expected),
        ("first_reply_seconds", Expected),
        ("resolved", Expected),
        ("rating", Expected),
        ("amount", Expected),
        ("customer", Optional),
        ("record.revision", Optional),
        ("record.currency", Optional),
        ("record.refers_to", Optional),
        ("record.contributors", Optional),
        ("record.device", Optional),
    ],
    extras: true,
};

/// How amounts and numbers are written.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a> {
    pub currency: &'a str,
    /// As group.yaml says; nothing where it does not.
    pub numbers: Option<Numbers>,
    /// The extra columns that the scheme computes with.
    pub measured: &'a [&'a str],
    /// Whether a month without any record is of no use.
    pub must: bool,
}

/// A record that lasts as long is told of: it may have been left open, or have a wrong date.
const LONG_HOURS: i64 = 24;

/// The records of a bundle.
#[derive(Debug)]
pub(crate) struct Records {
    pub period: Period,
    pub records: Vec<Record>,
    pub measures: Vec<Measure>,
    pub symbols: Symbols,
    /// Of the columns of texts that the scheme computes with, the cells that are no numbers.
    pub odd: BTreeMap<String, Odd>,
    /// What became of records that are not among them; empty where nobody asks.
    pub lost: Lost,
}

struct Reader<'d, 'a> {
    directory: &'d mut Directory<'a>,
    currency: &'d str,
    numbers: Numbers,
    measured: &'d [&'d str],
    asked: Option<Period>,
    must: bool,
    symbols: Symbols,
    raws: Vec<Raw>,
    /// Extra cells, a stride of `extras.len()` for each row.
    cells: Vec<Option<Symbol>>,
    /// What is wrong with some of them if their columns are of numbers.
    doubtful: BTreeMap<usize, Wrong>,
    extras: Vec<(String, usize)>,
    /// First day of a month, and how many records begin in it.
    months: BTreeMap<Date, u64>,
    outside: Seen,
    /// Records that last longer than a day.
    long: Seen,
    nobody: Seen,
    twice: Twice,
    /// Ids and customers that a spreadsheet shortened: rows of each.
    shortened: [Seen; 2],
    /// Nothing where nobody asks.
    lost: Option<Lost>,
    literal: bool,
}

/// Reads records.csv; with `named` also what became of those that are not kept, since another file names records. Without `asked` the
/// period is the one month that holds all records.
///
/// # Errors
/// There is no record in the period, or records lie in several months and none was asked for.
pub(crate) fn read_records(
    (source, named): (Option<&Source>, bool),
    directory: &mut Directory<'_>,
    written: Written<'_>,
    asked: Option<Period>,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<Records, Unusable> {
    let table = match source {
        Some(source) => {
            let layout = if source.canonical { &CANONICAL } else { &RECORDS };
            Table::open(source, layout, written.must, diagnostics.findings)?
        }
        None => None,
    };
    let mut reader = Reader {
        directory,
        currency: written.currency,
        measured: written.measured,
        numbers: written.numbers.unwrap_or(Numbers::Point),
        asked,
        must: written.must,
        symbols: Symbols::default(),
        raws: Vec::new(),
        cells: Vec::new(),
        doubtful: BTreeMap::new(),
        extras: Vec::new(),
        months: BTreeMap::new(),
        outside: Seen::default(),
        long: Seen::default(),
        nobody: Seen::default(),
        twice: Twice::default(),
        shortened: Default::default(),
        lost: named.then(Lost::default),
        literal: source.is_some_and(|source| source.canonical),
    };
    if let Some(mut table) = table {
        reader.extras = table.extras.clone();
        if reader.literal {
            reader.numbers = Numbers::Point;
            reader.measured = &[];
        } else if table.semicolons && written.numbers.is_none() {
            reader.numbers = Numbers::Doubtful;
        }
        while let Some(row) = table.next(diagnostics.rejects, diagnostics.progress)? {
            let mut diagnostic = RowDiagnostic::default();
            let record = reader.record(&row, &mut diagnostic);
            if diagnostic.settle(diagnostics.rejects, RECORDS.file, row.line)
                && let Some((record, day)) = record
            {
                reader.keep(&row, record, day)?;
            } else {
                reader.lose(&row, Fate::Rejected);
            }
        }
        table.note_cleaned(diagnostics.findings);
    }
    let period = reader.period(diagnostics)?;
    reader.twice.note(RECORDS.file, diagnostics.findings);
    let before = reader.names();
    reader.reject_doubtful(diagnostics);
    reader.reject_refused(diagnostics);
    reader.settle_repeats(diagnostics);
    reader.lose_others(before);
    reader.note(period, diagnostics);
    if reader.raws.is_empty() && reader.must {
        return Err(no_record(diagnostics, |why| msg!("NO_RECORD_USABLE", why)));
    }
    Ok(reader.finish(period, diagnostics))
}

/// Empty is nothing, anything else is read.
fn given<T>(text: &str, read: impl FnOnce(&str) -> Result<T, Wrong>) -> Result<Option<T>, Wrong> {
    if text.is_empty() { Ok(None) } else { read(text).map(Some) }
}

impl Reader<'_, '_> {
    /// The record of a row and the local day it begins on.
    fn record(&mut self, row: &Row<'_>, diagnostic: &mut RowDiagnostic) -> Option<(Record, Date)> {
        let external_id = diagnostic.take("external_id", cell::id(row.get(3)));
        let first_reply_seconds =
            diagnostic.take("first_reply_seconds", given(row.get(8), |t| self.measured(t, limits::REPLY_SECONDS)));
        let resolved = diagnostic.take("resolved", given(row.get(9), cell::boolean));
        let rating = diagnostic.take("rating", given(row.get(10), |t| self.measured(t, limits::RATING)));
        let refers_to = diagnostic.take("refers_to", given(row.get(15), |t| Ok(cell::id(t)?.into_owned())));
        let currency = diagnostic.take("currency", given(row.get(14), |t| self.foreign(t)).map(Option::flatten));
        let amount_minor = self.checked_amount(row, (&currency, &refers_to), diagnostic);
        let account = diagnostic.take("account", self.directory.record_account(row.get(0), row.get(1), row.get(2)))?;
        let zone = self.directory.account_zone(account);
        let start = diagnostic.take("started_at", cell::moment(row.get(4), zone));
        let end = diagnostic.take("ended_at", cell::moment(row.get(5), zone));
        let revision = self.revision(row, zone, diagnostic);
        let (start, mut end) = (start?, end?);
        let name = || [row.get(3), row.get(4), row.get(5)].join(" ");
        if end.at < start.at && end.take_second(|end| end >= start.at) {
            self.twice.second.note(name());
        }
        if start.doubtful().is_some() || end.doubtful().is_some() {
            self.twice.first.note(name());
        }
        if end.at < start.at {
            let reason = msg!("RECORD_BACKWARDS", end = end.local, start = start.local);
            diagnostic.add("ended_at", Wrong::new(reason, msg!("RECORD_BACKWARDS_CURE")));
        }
        self.note_length(&start, &end, row.get(3), diagnostic);
        let (day, platform) = (start.local.date(), &self.directory.accounts[account.0 as usize].platform);
        let agent = diagnostic.take("agent", given(row.get(6), |t| self.directory.agent(platform, t, day)));
        let contributors = diagnostic.take("contributors", self.contributors(row, platform, day));
        let device = row.get(if self.literal { SHARED } else { DEVICE });
        let device = diagnostic.take("device", given(device, |text| Ok(self.symbols.intern(&cell::id(text)?))));
        let kind = diagnostic.take("kind", self.label(row.get(7)));
        let customer = diagnostic.take("customer", self.customer(row.get(12)));
        let extras = self.extras.iter().map(|(name, place)| (name.as_str(), row.at(*place)));
        measures::check(extras, self.numbers, self.measured, diagnostic);
        let external_id = external_id?;
        if self.is_shortened(&external_id) {
            self.shortened[0].note(external_id.clone().into_owned());
        }
        let external_id = self.symbols.intern(&external_id);
        let record = Record {
            external_id,
            account,
            started_at: start.at,
            ended_at: end.at,
            agent: agent?,
            kind: kind?,
            first_reply_seconds: first_reply_seconds?,
            resolved: resolved?,
            rating: rating?,
            amount_minor: amount_minor?,
            customer: customer?,
            revision: revision?,
            currency: currency?.map(|currency| self.symbols.intern(currency.code())),
            refers_to: refers_to?.map(|id| self.symbols.intern(&id)),
            contributors: contributors?,
            device: device?,
        };
        Some((record, day))
    }

    fn measured(&self, text: &str, most: u32) -> Result<Decimal, Wrong> {
        cell::measured(&self.numbers.plain(text)?, most, text)
    }

    /// Whether a spreadsheet shortened this id; in the canonical form it is what it is.
    fn is_shortened(&self, text: &str) -> bool {
        !self.literal && exported::is_shortened(&cell::fold(text))
    }

    /// A customer. A number that lost its digits may be anybody: it says nothing about who came back.
    fn customer(&mut self, text: &str) -> Result<Option<Symbol>, Wrong> {
        if self.is_shortened(text) {
            self.shortened[1].note(text.to_owned());
            return Ok(None);
        }
        self.label(text)
    }

    /// Notes what is worth knowing of many records, each thing once with how many they are.
    fn note(&self, Period { from, to }: Period, diagnostics: &mut Diagnostics<'_, '_>) {
        self.note_nobody(diagnostics);
        let mut add = |kind, column: &str, seen: &Seen, say: &dyn Fn(u64, &str) -> Message| {
            if seen.rows > 0 {
                diagnostics.findings.add(kind, RECORDS.file, column, say(seen.rows, &shown(&seen.least)), seen.rows);
            }
        };
        let [ids, customers] = &self.shortened;
        add(FindingKind::DamagedId, "external_id", ids, &|count, example| msg!("SHORTENED_ID_KEPT", count, example));
        add(FindingKind::DamagedId, "customer", customers, &|count, example| {
            msg!("SHORTENED_CUSTOMER", count, example)
        });
        let outside = |count, example: &str| msg!("OUTSIDE_PERIOD", count, from, to, example);
        add(FindingKind::OutsidePeriod, "", &self.outside, &outside);
        let long = |count, example: &str| msg!("LONG_RECORDS", count, example, hours = LONG_HOURS);
        add(FindingKind::LongRecord, "ended_at", &self.long, &long);
        if self.literal {
            return;
        }
        let records = || self.raws.iter().map(|raw| &raw.record);
        for (column, seen) in [
            ("external_id", lost_zeros(records().map(|record| record.external_id), &self.symbols)),
            ("customer", lost_zeros(records().filter_map(|record| record.customer), &self.symbols)),
        ] {
            add(FindingKind::DamagedId, column, &seen, &|count, example| msg!("ZEROS_APART", count, example));
        }
    }

    /// In a file that looks like one with decimal commas, `1.000` in a column of numbers is one or a thousand, and where
    /// group.yaml says that commas stand before decimals `0.125` is no number at all; in a column of texts they are texts.
    fn reject_doubtful(&mut self, diagnostics: &mut Diagnostics<'_, '_>) {
        if self.doubtful.is_empty() {
            return;
        }
        let doubtful = measures::doubtful(&self.extras, &self.raws, (&self.cells, &self.doubtful), &self.symbols);
        let lines = self.raws.iter().map(|raw| u64::from(raw.line)).collect::<Vec<_>>();
        let mut kept =
            doubtful.into_iter().zip(lines).map(|(wrong, line)| wrong.settle(diagnostics.rejects, RECORDS.file, line));
        self.raws.retain(|_| kept.next().unwrap_or(true));
    }

    fn reject_refused(&mut self, diagnostics: &mut Diagnostics<'_, '_>) {
        let Self { raws, directory, symbols, .. } = self;
        raws.retain(|Raw { record, line, .. }| {
            let account = || directory.accounts[record.account.0 as usize].path();
            let wrong =
                diagnostics.refusals.of(|| RowName::Record(account(), symbols.get(record.external_id).to_owned()));
            wrong.inspect(|w| diagnostics.rejects.push(RECORDS.file, (*line).into(), "", (*w).clone())).is_none()
        });
    }

    fn label(&mut self, text: &str) -> Result<Option<Symbol>, Wrong> {
        given(text, |text| Ok(self.symbols.intern(&cell::at_most(cell::fold(text), limits::TEXT)?)))
    }

    /// Keeps a record of the period; without one, of the first month as long as there is only one.
    fn keep(&mut self, row: &Row<'_>, record: Record, day: Date) -> Result<(), Unusable> {
        match self.asked {
            Some(period) if !period.contains(day) => {
                self.outside.note(format!("{day} {}", row.get(3)));
                self.lose(row, Fate::Outside);
                return Ok(());
            }
            Some(_) => {}
            None => {
                *self.months.entry(day.first_of_month()).or_default() += 1;
                if self.months.len() > 1 {
                    return Ok(());
                }
            }
        }
        if self.raws.len() >= RECORD_LIMIT {
            let problem = msg!("TOO_MANY_RECORDS", most = RECORD_LIMIT);
            return Err(Unusable::new("TOO_LARGE", RECORDS.file, problem, msg!("TOO_MANY_RECORDS_CURE")));
        }
        for (_, place) in &self.extras {
            let (text, wrong) = self.numbers.of_extra(row.at(*place));
            wrong.map(|wrong| self.doubtful.insert(self.cells.len(), wrong));
            self.cells.push((!text.is_empty()).then(|| self.symbols.intern(&text)));
        }
        let (line, row) = (u32::try_from(row.line).unwrap_or(u32::MAX), self.raws.len() as u32);
        self.raws.push(Raw { record, line, row });
        Ok(())
    }

    fn odd_cells(&self) -> BTreeMap<String, Odd> {
        let stride = self.extras.len();
        let computed = self.extras.iter().enumerate().filter(|(_, (name, _))| self.measured.contains(&name.as_str()));
        let odd = |column| measures::odd((column, stride), &self.raws, &self.cells, &self.symbols, self.numbers);
        computed.filter_map(|(column, (name, _))| Some((name.clone(), odd(column)?))).collect()
    }

    fn finish(self, period: Period, diagnostics: &mut Diagnostics<'_, '_>) -> Records {
        let odd = self.odd_cells();
        let Self { symbols, mut raws, cells, extras, literal, lost, .. } = self;
        let mut used = symbols.marks();
        for Raw { record, .. } in &raws {
            let texts = [
                Some(record.external_id),
                record.kind,
                record.customer,
                record.currency,
                record.refers_to,
                record.contributors,
                record.device,
            ];
            texts.into_iter().flatten().for_each(|s| used.mark(s));
        }
        let columns: Vec<Column> = (0..extras.len())
            .map(|column| Column::new(column, extras.len(), &raws, &cells, &symbols, &mut used, literal))
            .collect();
        columns.iter().zip(&extras).for_each(|(column, (name, _))| column.note(name, diagnostics.findings));
        let (symbols, moved) = symbols.finish(&used);
        for Raw { record, .. } in &mut raws {
            record.external_id = moved.get(record.external_id).unwrap_or(record.external_id);
            record.kind = record.kind.and_then(|s| moved.get(s));
            record.customer = record.customer.and_then(|s| moved.get(s));
            record.currency = record.currency.and_then(|s| moved.get(s));
            record.refers_to = record.refers_to.and_then(|s| moved.get(s));
            record.contributors = record.contributors.and_then(|s| moved.get(s));
            record.device = record.device.and_then(|s| moved.get(s));
        }
        let raws = ordered(raws);
        let columns = columns.into_iter().zip(extras);
        let measures = columns.filter_map(|(column, (name, _))| column.finish(name, &raws, &cells, &moved)).collect();
        let records = raws.into_iter().map(|raw| raw.record).collect();
        Records { period, records, measures, symbols, odd, lost: lost.unwrap_or_default() }
    }
}

/// Numbers of which the same with leading zeros are there too: they may have lost theirs.
fn lost_zeros(used: impl Iterator<Item = Symbol> + Clone, symbols: &Symbols) -> Seen {
    let digits = |text: &&str| text.bytes().all(|b| b.is_ascii_digit());
    let texts = used.map(|symbol| symbols.get(symbol)).filter(digits);
    let with_zeros = texts.clone().filter(|text| text.starts_with('0'));
    let stripped: HashSet<&str> = with_zeros.map(|text| text.trim_start_matches('0')).collect();
    let mut seen = Seen::default();
    if !stripped.is_empty() {
        texts.filter(|text| stripped.contains(text)).for_each(|text| seen.note(text.to_owned()));
    }
    seen
}

/// Records by account, start and external id. Keys are sorted, then each record is moved once, in place: a record is
/// large, and a second copy of all of them would be larger.
fn ordered(mut raws: Vec<Raw>) -> Vec<Raw> {
    let key = |(i, Raw { record: r, .. }): (usize, &Raw)| (r.account, r.started_at, r.external_id, i as u32);
    let mut order: Vec<_> = raws.iter().enumerate().map(key).collect();
    order.sort_unstable();
    for start in 0..order.len() {
        // Follow the cycle of moves that goes through this place; a place that is done points to itself.
        let mut at = start;
        loop {
            let from = order[at].3 as usize;
            order[at].3 = at as u32;
            if from == start {
                break;
            }
            raws.swap(at, from);
            at = from;
        }
    }
    raws
}
