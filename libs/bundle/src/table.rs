//! A CSV file with a header: finds the columns by name and hands out rows.

use tally_kernel::{Message, msg};

use super::cell::{fold, nearest, shown};
use super::cleaned::{Cleaned, Need, Verdict};
use super::diagnostics::{ColumnRead, FindingKind, Findings, Rejects, TakenFor, Unusable, Wrong, one_after_other};
use super::exported;
use super::labels;
use super::layout::Layout;
use super::rows::{Cells, Next, Rows};
use super::source::{Progress, Source, Text, TextEncoding};

/// A file opened at its first row after the header.
pub(crate) struct Table {
    layout: &'static Layout,
    rows: Rows<Text>,
    cells: Cells,
    /// For each column of the layout, its place in the file.
    places: Vec<Option<usize>>,
    /// Other columns: name and place, sorted by name.
    pub extras: Vec<(String, usize)>,
    /// Cells are separated by semicolons, as where commas stand before decimals.
    pub semicolons: bool,
    width: usize,
    damaged: bool,
    /// The canonical form: taken to the letter.
    literal: bool,
    cleaned: Cleaned,
}

/// A row of text cells.
pub(crate) struct Row<'a> {
    text: &'a str,
    cells: &'a Cells,
    places: &'a [Option<usize>],
    layout: &'static Layout,
    literal: bool,
    pub line: u64,
}

impl<'a> Row<'a> {
    /// The cell of column `i` of the layout without what a spreadsheet added; empty when the file has no such column or
    /// the row ends before it.
    pub fn get(&self, i: usize) -> &'a str {
        let Some(place) = self.places[i] else { return "" };
        if self.literal {
            return self.bare(place);
        }
        if exported::is_prose(self.layout.columns[i].0) {
            return exported::unmarked_prose(self.bare(place));
        }
        self.at(place)
    }

    /// The cell at a place of the file, likewise.
    pub fn at(&self, place: usize) -> &'a str {
        let cell = self.bare(place);
        if self.literal { cell } else { exported::unmarked(cell) }
    }

    fn bare(&self, place: usize) -> &'a str {
        if place >= self.cells.len() {
            return "";
        }
        let cell = &self.text[self.cells.span(place)];
        if self.literal { cell.trim() } else { exported::bare(cell) }
    }
}

impl Table {
    /// Opens a file that was inspected. Nothing when an optional file is empty, which is a finding.
    ///
    /// # Errors
    /// There is no header, a required column is missing, or a name comes twice.
    pub fn open(
        source: &Source,
        layout: &'static Layout,
        must: bool,
        findings: &mut Findings,
    ) -> Result<Option<Self>, Unusable> {
        let file = layout.file;
        let mut rows = Rows::new(source.open()?);
        let separator = rows.choose_separator().map_err(|e| gone(file, &e))?;
        let mut cells = Cells::default();
        match rows.next(&mut cells).map_err(|e| gone(file, &e))? {
            Next::Row => {}
            Next::End if must => {
                let cure = msg!("EMPTY_FILE_CURE", header = header(layout));
                return Err(Unusable::new("EMPTY_FILE", file, msg!("EMPTY_FILE"), cure));
            }
            Next::End => {
                findings.add(FindingKind::EmptyFile, file, "", msg!("EMPTY_OPTIONAL_FILE"), 0);
                return Ok(None);
            }
            _ => return Err(no_csv(layout, msg!("NOT_CSV_NO_END"))),
        }
        let chinese = std::str::from_utf8(cells.text()).is_ok_and(|text| text.chars().any(is_han));
        let Ok(text) = std::str::from_utf8(cells.text()) else {
            return Err(no_csv(layout, msg!("NOT_CSV_NO_TEXT")));
        };
        let heads: Vec<&str> = (0..cells.len()).map(|i| exported::bare(&text[cells.span(i)])).collect();
        if rows.is_named() {
            fits_header(file, char::from(separator), &heads)?;
        }
        let names: Vec<String> = if source.canonical {
            (0..cells.len()).map(|i| fold(text[cells.span(i)].trim()).to_lowercase()).collect()
        } else {
            let name =
                |head: &&str| fold(&exported::visible(head).unwrap_or_else(|| (*head).to_owned())).to_lowercase();
            heads.iter().map(|head| column(layout, &name(head))).collect()
        };
        let (places, extras) = place(layout, &names, &heads, chinese)?;
        note_columns(layout, &places, &extras, findings);
        findings.columns.extend(taken(layout, &names, &heads));
        if source.encoding != TextEncoding::Utf8 {
            let encoding: &str = source.encoding.into();
            let detail = msg!("CONVERTED_ENCODING", encoding);
            findings.add(FindingKind::ConvertedEncoding, file, encoding, detail, 0);
        }
        if separator != b',' {
            let sign = char::from(separator).to_string();
            let (name, detail) = match separator {
                b'\t' => ("tab", msg!("SEPARATED_BY_TAB")),
                b';' => ("semicolon", msg!("SEPARATED_BY_SEMICOLON")),
                _ => (sign.as_str(), msg!("SEPARATED_BY_SIGN", sign = sign.as_str())),
            };
            findings.add(FindingKind::ConvertedSeparator, file, name, detail, 0);
        }
        let extras = if layout.extras { extras } else { Vec::new() };
        let (width, damaged, literal) = (names.len(), source.damaged, source.canonical);
        let (semicolons, cleaned) = (separator == b';', Cleaned::default());
        Ok(Some(Self { layout, rows, cells, places, extras, semicolons, width, damaged, literal, cleaned }))
    }

    /// The next row that has no more cells than the header, all of them text; other rows are rejected on the way. Cells
    /// that are missing at its end are empty: exporters leave those out.
    ///
    /// # Errors
    /// The file cannot be read any further.
    pub fn next(&mut self, rejects: &mut Rejects, progress: &mut Progress<'_>) -> Result<Option<Row<'_>>, Unusable> {
        let file = self.layout.file;
        loop {
            let next = self.rows.next(&mut self.cells).map_err(|e| gone(file, &e))?;
            self.rows.source().take_progress(progress);
            let line = self.cells.line;
            let wrong = match next {
                Next::End => return Ok(None),
                Next::Hopeless => return Err(unbalanced(file, line)),
                Next::TooLong => Wrong::new(msg!("LINE_TOO_LONG"), msg!("LINE_TOO_LONG_CURE")),
                Next::OpenQuote => open_quote(),
                Next::Row if self.is_mispaired() => {
                    if !self.rows.take_back(&self.cells) {
                        return Err(unbalanced(file, line));
                    }
                    open_quote()
                }
                Next::Row if self.blank() => continue,
                Next::Row if !self.fits() => {
                    let reason = msg!("TOO_MANY_CELLS", cells = self.cells.len(), columns = self.width);
                    Wrong::new(reason, msg!("TOO_MANY_CELLS_CURE"))
                }
                Next::Row => match std::str::from_utf8(self.cells.text()) {
                    // A zero byte can only come out of UTF-16; it would not survive being written as UTF-8.
                    Ok(text) if !(self.damaged && text.contains(['\u{fffd}', '\0'])) => match self.clean() {
                        None => break,
                        Some((column, wrong)) => {
                            rejects.saw(file);
                            rejects.push(file, line, column, wrong);
                            continue;
                        }
                    },
                    _ => Wrong::new(msg!("NOT_TEXT_IN_ENCODING"), msg!("SAVE_FILE_AS_UTF_8")),
                },
            };
            rejects.saw(file);
            rejects.push(file, line, "", wrong);
        }
        rejects.saw(file);
        Ok(Some(self.row()))
    }

    /// Cleans the cells of the row that was read last. Gives the first column that is wrong.
    fn clean(&mut self) -> Option<(&'static str, Wrong)> {
        if self.literal {
            return None;
        }
        let mut cleaned = std::mem::take(&mut self.cleaned);
        let (mut found, mut wrong) = (Vec::new(), None);
        let row = self.row();
        for (i, (column, place)) in self.layout.columns.iter().zip(&self.places).enumerate() {
            let Some(place) = *place else { continue };
            match cleaned.judge(*column, row.bare(place), row.get(i)) {
                Verdict::Stays => {}
                Verdict::Becomes(text) => found.push((place, text)),
                Verdict::Wrong(first) => {
                    wrong = Some((column.0, first));
                    break;
                }
            }
        }
        for (name, place) in self.extras.iter().filter(|_| !row.text.is_ascii()) {
            if let Verdict::Becomes(text) = cleaned.extra(name, row.bare(*place)) {
                found.push((*place, text));
            }
        }
        self.cleaned = cleaned;
        found.iter().for_each(|(place, text)| self.cells.replace(*place, text));
        wrong
    }

    /// Says what was taken off the cells.
    pub fn note_cleaned(&self, findings: &mut Findings) {
        self.cleaned.note(self.layout.file, findings);
    }

    /// The row that was read last. Its text was checked in the loop; checking again costs little and keeps the borrow
    /// simple.
    fn row(&self) -> Row<'_> {
        let text = std::str::from_utf8(self.cells.text()).unwrap_or_default();
        let Self { cells, places, layout, literal, .. } = self;
        Row { text, cells, places, layout, literal: *literal, line: cells.line }
    }

    /// No more cells than the header, but for empty ones.
    fn fits(&self) -> bool {
        let surplus = |i: usize| &self.cells.text()[self.cells.span(i)];
        (self.width..self.cells.len()).all(|i| surplus(i).trim_ascii().is_empty())
    }

    /// Whether a row of several lines is none: two stray quotes were taken for a pair.
    fn is_mispaired(&self) -> bool {
        let Cells { several_lines, ragged, swallows, .. } = self.cells;
        several_lines && (ragged || !self.fits() || (swallows && self.cells.len() < self.width))
    }

    fn blank(&self) -> bool {
        self.cells.text().iter().all(u8::is_ascii_whitespace)
    }
}

fn open_quote() -> Wrong {
    Wrong::new(msg!("OPEN_QUOTE"), msg!("OPEN_QUOTE_CURE"))
}

fn unbalanced(file: &str, line: u64) -> Unusable {
    let problem = msg!("UNBALANCED_QUOTES", line);
    Unusable::new("UNBALANCED_QUOTES", file, problem, msg!("UNBALANCED_QUOTES_CURE"))
}

fn gone(file: &str, err: &std::io::Error) -> Unusable {
    Unusable::new("UNREADABLE", file, msg!("UNREADABLE", error = tally_i18n::io(err)), msg!("UNREADABLE_CURE"))
}

pub(super) fn header(layout: &Layout) -> String {
    let names: Vec<&str> = layout.columns.iter().filter(|(_, need)| *need != Need::Optional).map(|(n, _)| *n).collect();
    names.join(",")
}

/// The same as an export with Chinese names has it.
fn chinese_header(layout: &Layout) -> String {
    let needed = layout.columns.iter().filter(|(_, need)| *need != Need::Optional);
    let name = |(name, _): &(&'static str, Need)| exported::chinese(layout.file, name).first().copied().unwrap_or(name);
    needed.map(name).collect::<Vec<_>>().join(",")
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}')
}

fn no_csv(layout: &Layout, why: Message) -> Unusable {
    let cure = msg!("NOT_CSV_CURE", header = header(layout));
    Unusable::new("NOT_CSV", layout.file, msg!("NOT_CSV", why), cure)
}

/// A file that names its separator has it in its header.
fn fits_header(file: &str, named: char, heads: &[&str]) -> Result<(), Unusable> {
    let [head] = heads else { return Ok(()) };
    let Some(sign) = [',', ';', '\t', '|'].into_iter().find(|sign| head.contains(*sign)) else { return Ok(()) };
    let named = if named == '\t' { "\\t".to_owned() } else { named.to_string() };
    let why = match sign {
        '\t' => msg!("NOT_CSV_NO_COLUMN.named_not_tab", named),
        _ => msg!("NOT_CSV_NO_COLUMN.named_not", named, sign),
    };
    Err(Unusable::new("NOT_CSV", file, msg!("NOT_CSV", why), msg!("NOT_CSV_CURE.named")))
}

/// The column that a head means, which is folded and in small letters; itself where it means none.
fn column(layout: &Layout, name: &str) -> String {
    let known = exported::column(layout.file, name);
    let is_known = layout.columns.iter().any(|(column, _)| *column == known);
    let called = if is_known { None } else { labels::column(layout, name) };
    called.unwrap_or(known).to_owned()
}

type Places = (Vec<Option<usize>>, Vec<(String, usize)>);

/// Finds the columns by name.
fn place(layout: &'static Layout, names: &[String], heads: &[&str], chinese: bool) -> Result<Places, Unusable> {
    let find = |name: &str| names.iter().position(|n| n == name);
    let places: Vec<Option<usize>> = layout.columns.iter().map(|(name, _)| find(name)).collect();
    let known = |name: &str| layout.columns.iter().any(|(n, _)| *n == name);
    let mut extras: Vec<(String, usize)> = Vec::new();
    for (i, name) in names.iter().enumerate() {
        if let Some(first) = find(name).filter(|first| !name.is_empty() && *first != i) {
            let (column, one, other) = (shown(name), shown(heads[first]), shown(heads[i]));
            let problem = if one == column && other == column {
                msg!("COLUMN_TWICE", column)
            } else {
                msg!("COLUMN_TWICE.names", column, one, other)
            };
            return Err(Unusable::new("COLUMN_TWICE", layout.file, problem, msg!("COLUMN_TWICE_CURE")));
        }
        if !name.is_empty() && !known(name) {
            extras.push((name.clone(), i));
        }
    }
    extras.sort();
    let missing: Vec<&str> = layout
        .columns
        .iter()
        .zip(&places)
        .filter(|((_, need), place)| *need == Need::Required && place.is_none())
        .map(|((name, _), _)| *name)
        .collect();
    if missing.is_empty() {
        return Ok((places, extras));
    }
    if missing.len() == layout.columns.iter().filter(|(_, need)| *need == Need::Required).count() {
        return Err(no_csv(layout, msg!("NOT_CSV_NO_COLUMN")));
    }
    let others = || extras.iter().map(|(name, _)| name.as_str());
    let hints = missing.iter().filter_map(|column| Some((*column, nearest(column, others())?)));
    let hints = hints.map(|(column, near)| msg!("HINT_MEANT_AS", near = shown(near), column));
    let known_as = |column: &&str| match exported::chinese(layout.file, column) {
        others if chinese && !others.is_empty() => format!("{column} ({})", others.join(" / ")),
        _ => (*column).to_owned(),
    };
    let columns: Vec<String> = missing.iter().map(known_as).collect();
    let problem = msg!("MISSING_COLUMNS", columns = columns.join(", "), hints = one_after_other(hints));
    let cure = msg!("MISSING_COLUMNS_CURE", header = if chinese { chinese_header(layout) } else { header(layout) });
    Err(Unusable::new("MISSING_COLUMN", layout.file, problem, cure))
}

/// What each column was taken for.
fn taken(layout: &'static Layout, names: &[String], heads: &[&str]) -> Vec<ColumnRead> {
    let of = |name: &String| match layout.columns.iter().find(|(known, _)| known == name) {
        Some((known, _)) => TakenFor::Column(known),
        None if layout.extras && !name.is_empty() => TakenFor::Measure,
        None => TakenFor::Nothing,
    };
    let one = |(name, head): (&String, &&str)| ColumnRead { file: layout.file, head: shown(head), taken: of(name) };
    names.iter().zip(heads).map(one).collect()
}

fn note_columns(layout: &Layout, places: &[Option<usize>], extras: &[(String, usize)], findings: &mut Findings) {
    for ((name, need), place) in layout.columns.iter().zip(places) {
        if *need == Need::Expected && place.is_none() {
            findings.add(FindingKind::MissingColumn, layout.file, *name, msg!("MISSING_COLUMN"), 0);
        }
    }
    if layout.extras {
        return;
    }
    for (name, _) in extras {
        let near = nearest(name, layout.columns.iter().map(|(n, _)| *n));
        let hint = near.map_or_else(|| Message::told(""), |near| msg!("HINT_NEAR", near));
        findings.add(FindingKind::UnknownColumn, layout.file, shown(name), msg!("UNKNOWN_COLUMN", hint), 0);
    }
}
