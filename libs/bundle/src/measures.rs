//! The extra columns of records.csv: numbers where every value is one, else texts.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use tally_kernel::{Message, limits, msg};

use super::cell::{at_most, decimal, fold, is_grouped, shown};
use super::cleaned;
use super::diagnostics::{FindingKind, Findings, RowDiagnostic, Seen, Wrong};
use super::exported::{is_lost, is_no_value};
use super::model::{Measure, MeasureValues, Record};
use super::numbers::Numbers;
use super::symbols::{Marks, Renumbered, Symbol, Symbols};
use super::yaml::LARGEST;

/// A record, the line it came from, and its row in the table of extra cells.
pub(super) struct Raw {
    pub record: Record,
    pub line: u32,
    pub row: u32,
}

/// For each row what is doubtful in its columns of numbers.
pub(super) fn doubtful(
    extras: &[(String, usize)],
    raws: &[Raw],
    (cells, doubtful): (&[Option<Symbol>], &BTreeMap<usize, Wrong>),
    symbols: &Symbols,
) -> Vec<RowDiagnostic> {
    let mut found: Vec<RowDiagnostic> = raws.iter().map(|_| RowDiagnostic::default()).collect();
    for (column, (name, _)) in extras.iter().enumerate() {
        let text = |raw: &Raw| cells[raw.row as usize * extras.len() + column].map(|symbol| symbols.get(symbol));
        if !raws
            .iter()
            .filter_map(text)
            .all(|text| decimal(text).is_some() || is_grouped(text, '.') || is_no_value(&fold(text)))
        {
            continue;
        }
        for (raw, diagnostic) in raws.iter().zip(&mut found) {
            if let Some(wrong) = doubtful.get(&(raw.row as usize * extras.len() + column)) {
                diagnostic.add(name, wrong.clone());
            }
        }
    }
    found
}

/// Notes what is wrong with the extra cells of a row: longer, or more, than the suite takes, or too large to compute with where
/// the scheme does.
pub(super) fn check<'a>(
    cells: impl Iterator<Item = (&'a str, &'a str)>,
    numbers: Numbers,
    computed: &[&str],
    diagnostic: &mut RowDiagnostic,
) {
    for (at, (column, text)) in cells.filter(|(_, text)| !text.is_empty()).enumerate() {
        if let Err(wrong) = at_most(text.into(), limits::LONG_TEXT) {
            diagnostic.add(column, wrong);
        }
        let number = computed.contains(&column).then(|| decimal(&numbers.of_extra(text).0)).flatten();
        if number.is_some_and(|number| number.abs() > LARGEST.into()) {
            let reason = msg!("MEASURE_TOO_LARGE.row", text = shown(text), most = LARGEST);
            diagnostic.add(column, Wrong::new(reason, msg!("MEASURE_TOO_LARGE_CURE")));
        }
        if at == limits::MEASURES {
            let (reason, cure) = (msg!("TOO_MANY_MEASURES", most = at), msg!("TOO_MANY_MEASURES_CURE"));
            diagnostic.add(column, Wrong::new(reason, cure));
        }
    }
}

/// Cells that make a column of numbers one of texts: how many, and what the first ones are with their lines.
#[derive(Debug)]
pub(crate) struct Odd {
    pub count: u64,
    pub first: Vec<Message>,
}

/// The odd cells that are told one by one.
const TOLD: usize = 3;

/// The cells of a column of texts that are no numbers, where most of them are.
pub(super) fn odd(
    (column, stride): (usize, usize),
    raws: &[Raw],
    cells: &[Option<Symbol>],
    symbols: &Symbols,
    written: Numbers,
) -> Option<Odd> {
    let (mut numbers, mut odd) = (0_u64, Odd { count: 0, first: Vec::new() });
    for raw in raws {
        let Some(symbol) = cells[raw.row as usize * stride + column] else { continue };
        let text = symbols.get(symbol);
        if decimal(text).is_some() {
            numbers += 1;
        } else if !is_no_value(&fold(text)) {
            odd.count += 1;
            if odd.first.len() < TOLD {
                let reason = written.oddity(text);
                odd.first.push(msg!("SCHEME_MEASURES_TEXT.cell", line = raw.line, reason));
            }
        }
    }
    (odd.count > 0 && odd.count < numbers).then_some(odd)
}

/// An extra column on its way to a measure.
pub(super) struct Column {
    column: usize,
    stride: usize,
    /// The number of each row, where every value is one.
    numbers: Option<Vec<Option<Decimal>>>,
    empty: bool,
    /// Cells of a column of numbers that stand for no value.
    pub nothing: Seen,
    /// Cells of which a spreadsheet lost the value.
    pub lost: Seen,
}

impl Column {
    pub fn new(
        column: usize,
        stride: usize,
        raws: &[Raw],
        cells: &[Option<Symbol>],
        symbols: &Symbols,
        used: &mut Marks,
        literal: bool,
    ) -> Self {
        let value = |raw: &Raw| cells[raw.row as usize * stride + column];
        let mut numbers = vec![None; cells.len() / stride];
        let (mut empty, mut nothing, mut lost) = (true, Seen::default(), Seen::default());
        let stands_for_nothing = |text: &str| !literal && is_no_value(&fold(text));
        let has_number = || raws.iter().filter_map(value).any(|symbol| decimal(symbols.get(symbol)).is_some());
        for raw in raws {
            let Some(symbol) = value(raw) else { continue };
            empty = false;
            let text = symbols.get(symbol);
            match decimal(text) {
                Some(number) => numbers[raw.row as usize] = Some(number),
                None if stands_for_nothing(text) && (nothing.rows + lost.rows > 0 || has_number()) => {
                    let seen = if is_lost(&fold(text)) { &mut lost } else { &mut nothing };
                    seen.note(text.to_owned());
                }
                None => {
                    raws.iter().filter_map(value).for_each(|s| used.mark(s));
                    let texts = raws.iter().filter_map(value).map(|s| symbols.get(s));
                    let mut lost = Seen::default();
                    texts.filter(|text| !literal && is_lost(&fold(text))).for_each(|text| lost.note(text.to_owned()));
                    return Self { column, stride, numbers: None, empty, nothing: Seen::default(), lost };
                }
            }
        }
        Self { column, stride, numbers: Some(numbers), empty, nothing, lost }
    }

    /// What there is to say of its cells.
    pub fn note(&self, name: &str, findings: &mut Findings) {
        let lost = if self.numbers.is_some() { cleaned::lost(&self.lost) } else { cleaned::lost_text(&self.lost) };
        for (kind, seen, said) in [
            (FindingKind::NoValue, &self.nothing, cleaned::no_value(&self.nothing)),
            (FindingKind::DamagedId, &self.lost, lost),
        ] {
            if seen.rows > 0 {
                findings.add(kind, "records.csv", shown(name), said, seen.rows);
            }
        }
    }

    /// The measure, nothing for a column without a value.
    pub fn finish(self, name: String, raws: &[Raw], cells: &[Option<Symbol>], moved: &Renumbered) -> Option<Measure> {
        if self.empty {
            return None;
        }
        let text = |raw: &Raw| cells[raw.row as usize * self.stride + self.column].and_then(|s| moved.get(s));
        let values = match &self.numbers {
            Some(numbers) => MeasureValues::Numbers(raws.iter().map(|raw| numbers[raw.row as usize]).collect()),
            None => MeasureValues::Texts(raws.iter().map(text).collect()),
        };
        Some(Measure { name, values })
    }
}
