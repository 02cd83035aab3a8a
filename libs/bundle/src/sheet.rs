//! CSV that people open in a spreadsheet. Without a byte order mark a spreadsheet takes UTF-8 for another encoding, and a cell
//! that begins like a formula it takes for one: so the file gets the mark, and such a cell a leading apostrophe.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

/// What a file for a spreadsheet begins with.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Who a CSV file is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Csv {
    /// Programs: nothing but the values. Results were so before there was a choice, and their manifests name none.
    #[default]
    Plain,
    /// People with a spreadsheet.
    ForPeople,
}

impl Csv {
    /// What the switch of the command line asks for.
    pub fn of_switch(plain: bool) -> Self {
        if plain { Self::Plain } else { Self::ForPeople }
    }

    /// Whether the manifest has nothing to say about it.
    pub fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// What a spreadsheet may take for a formula begins with one of these, or with its full-width twin.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'])
}

/// The cell with an apostrophe before it where a spreadsheet would take it for a formula. A negative number is none; a cell
/// that has the apostrophe already gets another one, so that what is read back is what was written.
fn harmless(cell: &str) -> Cow<'_, str> {
    if is_formula(cell.trim_start_matches('\'')) && !is_negative(cell) {
        return Cow::Owned(format!("'{cell}"));
    }
    Cow::Borrowed(cell)
}

/// A cell without the apostrophe that stands before a formula to make it harmless.
pub fn unharmed(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_formula(rest.trim_start_matches('\''))).unwrap_or(cell)
}

/// A minus, digits, and perhaps a point and digits.
fn is_negative(cell: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let Some(number) = cell.strip_prefix('-') else { return false };
    match number.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(number),
    }
}

/// Rows on their way out.
pub struct Sheet<W: Write> {
    csv: Csv,
    rows: csv::Writer<W>,
}

impl<W: Write> Sheet<W> {
    /// Begins with the mark, where it is for people, and the header.
    pub fn new(mut out: W, head: &[&str], csv: Csv) -> io::Result<Self> {
        if csv == Csv::ForPeople {
            out.write_all(BYTE_ORDER_MARK.as_bytes())?;
        }
        let mut sheet = Self { csv, rows: csv::WriterBuilder::new().buffer_capacity(1 << 16).from_writer(out) };
        sheet.row(head.iter().copied())?;
        Ok(sheet)
    }

    /// Adds a row.
    pub fn row<'r>(&mut self, cells: impl IntoIterator<Item = &'r str>) -> io::Result<()> {
        for cell in cells {
            match self.csv {
                Csv::Plain => self.rows.write_field(cell)?,
                Csv::ForPeople => self.rows.write_field(harmless(cell).as_bytes())?,
            }
        }
        Ok(self.rows.write_record(None::<&[u8]>)?)
    }

    /// What it was written to, with all rows.
    pub fn finish(self) -> io::Result<W> {
        self.rows.into_inner().map_err(|error| error.into_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_texts_and_numbers_stay_numbers() {
        for (cell, written) in [
            ("=SUM(A1)", "'=SUM(A1)"),
            ("+8613800000000", "'+8613800000000"),
            ("@cmd", "'@cmd"),
            ("-2+3", "'-2+3"),
            ("-", "'-"),
            ("-1.", "'-1."),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("＝1+1", "'＝1+1"),
            ("'=1", "''=1"),
            ("'-5", "''-5"),
            ("-12", "-12"),
            ("-12.50", "-12.50"),
            ("12", "12"),
            ("a=b", "a=b"),
            ("'t Hooft", "'t Hooft"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell), written, "{cell:?}");
            assert_eq!(unharmed(written), cell, "{written:?}");
        }
    }

    #[test]
    fn a_sheet_for_people_begins_with_the_mark_and_one_for_programs_holds_nothing_but_the_values() {
        let written = |csv| {
            let mut sheet = Sheet::new(Vec::new(), &["name", "amount"], csv).unwrap();
            sheet.row(["=1,2", "-3.50"]).unwrap();
            String::from_utf8(sheet.finish().unwrap()).unwrap()
        };
        assert_eq!(written(Csv::Plain), "name,amount\n\"=1,2\",-3.50\n");
        assert_eq!(written(Csv::ForPeople), "\u{feff}name,amount\n\"'=1,2\",-3.50\n");
    }
}
