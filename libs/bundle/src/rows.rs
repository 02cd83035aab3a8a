//! Cuts text into CSV rows (RFC 4180, with the leniency of the `csv` crate), in bounded memory.
//!
//! Why not the `csv` crate itself: its rows grow without limit, so a file without line ends, or one quote that is
//! never closed, would eat the memory or the rest of the file. Here a row is at most [`ROW_LIMIT`] bytes, and a row
//! that does not end can be given up after its first line, so that the lines after it are not lost.
//! A property test holds both to the same rows.

use std::io::{self, Read};

/// The longest row, in bytes of UTF-8.
pub(crate) const ROW_LIMIT: usize = 1024 * 1024;
/// How often a file may have its quotes mended before it is given up: each time may cost one [`ROW_LIMIT`] of work.
const MENDS: u32 = 1_000;

/// The cells of one row, one after the other; reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    text: Vec<u8>,
    ends: Vec<usize>,
    /// The line on which the row begins; the first line of the file is 1.
    pub line: u64,
    /// Whether the row goes over several lines.
    pub several_lines: bool,
    /// Whether text follows a closing quote, as it does when two stray quotes are taken for a pair.
    pub ragged: bool,
    /// Whether a quoted cell of several lines holds separators, as it does when a stray quote swallows cells.
    pub swallows: bool,
}

impl Cells {
    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.ragged = false;
        self.swallows = false;
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// All cells joined, without separators.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Puts another text into cell `i`.
    pub fn replace(&mut self, i: usize, with: &str) {
        let span = self.span(i);
        let old = span.len();
        self.text.splice(span, with.bytes());
        self.ends[i..].iter_mut().for_each(|end| *end = *end + with.len() - old);
    }

    /// Where cell `i` is in [`Cells::text`].
    pub fn span(&self, i: usize) -> std::ops::Range<usize> {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        start..self.ends[i]
    }
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A row.
    Row,
    /// A line longer than [`ROW_LIMIT`]; it was skipped.
    TooLong,
    /// A quote that is opened on this line and not closed within [`ROW_LIMIT`]; the line was skipped.
    OpenQuote,
    /// Too many quotes that do not close.
    Hopeless,
    /// The end.
    End,
}

enum Scan {
    Complete { used: usize },
    Incomplete { in_quotes: bool },
}

/// Rows from a reader of UTF-8 bytes.
pub(crate) struct Rows<R> {
    source: R,
    separator: u8,
    named: bool,
    buf: Vec<u8>,
    start: usize,
    ended: bool,
    line: u64,
    row_start: usize,
    mends: u32,
}

impl<R: Read> Rows<R> {
    pub fn new(source: R) -> Self {
        let (buf, separator) = (Vec::with_capacity(ROW_LIMIT / 4), b',');
        Self { source, separator, named: false, buf, start: 0, ended: false, line: 1, row_start: 0, mends: 0 }
    }

    pub fn source(&mut self) -> &mut R {
        &mut self.source
    }

    /// Chooses the separator by the first line: what `sep=` names there, and such a line is none of the table; else a
    /// comma where it has one, else a tab or a semicolon.
    pub fn choose_separator(&mut self) -> io::Result<u8> {
        while !self.ended && !self.buf.contains(&b'\n') && self.buf.len() < ROW_LIMIT {
            self.fill()?;
        }
        self.skip_line_ends();
        if let Some((separator, used)) =
            self.first_line_len().and_then(|len| Some((named_separator(&self.buf[self.start..][..len])?, len)))
        {
            (self.separator, self.start, self.line) = (separator, self.start + used, self.line + 1);
            self.named = true;
            return Ok(self.separator);
        }
        let head = self.buf[self.start..]
            .split(|b| *b == b'\n')
            .find(|line| !line.trim_ascii().is_empty())
            .unwrap_or_default();
        if !head.contains(&b',') {
            self.separator = *[b'\t', b';'].iter().find(|s| head.contains(s)).unwrap_or(&b',');
        }
        Ok(self.separator)
    }

    /// Whether the file names its separator itself.
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// The next row that has at least one byte.
    pub fn next(&mut self, cells: &mut Cells) -> io::Result<Next> {
        loop {
            self.skip_line_ends();
            let rest = &self.buf[self.start..];
            // A carriage return at the end of the buffer may be half of a line end.
            if !rest.is_empty() && (self.ended || rest != b"\r") {
                break;
            }
            if self.ended {
                return Ok(Next::End);
            }
            self.fill()?;
        }
        loop {
            cells.clear();
            let line = self.line;
            match self.scan(cells) {
                Scan::Complete { used } => {
                    cells.line = line;
                    cells.several_lines = self.line - line > 1;
                    self.row_start = self.start;
                    self.start += used;
                    return Ok(Next::Row);
                }
                Scan::Incomplete { in_quotes } => {
                    self.line = line;
                    let full = self.buf.len() - self.start >= ROW_LIMIT;
                    if !self.ended && !full {
                        self.fill()?;
                        continue;
                    }
                    cells.line = line;
                    return self.give_up_line(in_quotes);
                }
            }
        }
    }

    /// Takes back a row of several lines, to read it again from its second line: its quotes were not meant so.
    pub fn take_back(&mut self, cells: &Cells) -> bool {
        if self.mends >= MENDS {
            return false;
        }
        self.mends += 1;
        self.line = cells.line + 1;
        self.start = self.row_start;
        self.start += self.first_line_len().unwrap_or(self.buf.len() - self.start);
        true
    }

    fn give_up_line(&mut self, in_quotes: bool) -> io::Result<Next> {
        self.mends += 1;
        if self.mends > MENDS {
            return Ok(Next::Hopeless);
        }
        let outcome = if in_quotes && self.first_line_len().is_some() { Next::OpenQuote } else { Next::TooLong };
        loop {
            if let Some(len) = self.first_line_len() {
                self.start += len;
                self.line += 1;
                break;
            }
            self.start = self.buf.len();
            if self.ended {
                break;
            }
            self.fill()?;
        }
        // At the end of the file an open quote on the last line is no matter of length.
        Ok(if in_quotes && self.ended { Next::OpenQuote } else { outcome })
    }

    /// The length of the line at `start` with its end; nothing when the buffer does not hold its end.
    fn first_line_len(&self) -> Option<usize> {
        let rest = &self.buf[self.start..];
        let at = rest.iter().position(|b| matches!(b, b'\n' | b'\r'))?;
        Some(if rest[at..].starts_with(b"\r\n") { at + 2 } else { at + 1 })
    }

    fn skip_line_ends(&mut self) {
        while let Some(b) = self.buf.get(self.start) {
            match b {
                b'\n' => self.line += 1,
                // The line feed after it counts; a carriage return alone is an old line end.
                b'\r' => match self.buf.get(self.start + 1) {
                    Some(b'\n') => {}
                    Some(_) => self.line += 1,
                    None if self.ended => self.line += 1,
                    None => return,
                },
                _ => return,
            }
            self.start += 1;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buf.drain(..self.start);
        self.start = 0;
        self.row_start = 0;
        let held = self.buf.len();
        let want = (ROW_LIMIT / 4).max(held).min(ROW_LIMIT);
        self.buf.resize(held + want, 0);
        let n = loop {
            match self.source.read(&mut self.buf[held..]) {
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.buf.truncate(held + n);
        self.ended = n == 0;
        Ok(())
    }

    /// Reads one row from `start`; the line count moves on.
    fn scan(&mut self, cells: &mut Cells) -> Scan {
        let buf = &self.buf[self.start..];
        let mut at = 0;
        loop {
            // One cell.
            let quoted = buf.get(at) == Some(&b'"');
            if quoted {
                at += 1;
                match self.line_of_quoted(buf, at, cells) {
                    Some((after, lines)) => (at, self.line) = (after, self.line + lines),
                    None => return Scan::Incomplete { in_quotes: true },
                }
            }
            let plain = &buf[at..];
            let len = plain.iter().position(|b| *b == self.separator || *b == b'\n' || *b == b'\r');
            let len = len.unwrap_or(plain.len());
            cells.ragged |= quoted && len > 0;
            cells.text.extend_from_slice(&plain[..len]);
            at += len;
            match buf.get(at) {
                Some(b'\n') => at += 1,
                Some(b'\r') => match buf.get(at + 1) {
                    Some(b'\n') => at += 2,
                    Some(_) => at += 1,
                    None if self.ended => at += 1,
                    None => return Scan::Incomplete { in_quotes: false },
                },
                Some(_) => {
                    cells.ends.push(cells.text.len());
                    at += 1;
                    continue;
                }
                None if self.ended => {}
                None => return Scan::Incomplete { in_quotes: false },
            }
            cells.ends.push(cells.text.len());
            self.line += 1;
            return Scan::Complete { used: at };
        }
    }

    /// The quoted part of a cell, from after the opening quote to after the closing one, and its line ends.
    fn line_of_quoted(&self, buf: &[u8], mut at: usize, cells: &mut Cells) -> Option<(usize, u64)> {
        let (mut lines, mut separators) = (0, false);
        loop {
            let len = buf[at..].iter().position(|b| *b == b'"')?;
            let part = &buf[at..at + len];
            lines += line_ends(part);
            separators |= part.contains(&self.separator);
            cells.text.extend_from_slice(part);
            at += len + 1;
            match buf.get(at) {
                Some(b'"') => {
                    cells.text.push(b'"');
                    at += 1;
                }
                None if !self.ended => return None,
                _ => {
                    cells.swallows |= lines > 0 && separators;
                    return Some((at, lines));
                }
            }
        }
    }
}

/// The separator that a line such as `sep=;` names, for spreadsheets. One that a spreadsheet saved again has empty cells behind
/// it (`sep=;,,,`), and is separated as these are.
fn named_separator(line: &[u8]) -> Option<u8> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let quoted = line.strip_prefix(b"\"");
    let [s, e, p, b'=', named @ (b',' | b';' | b'\t' | b'|'), rest @ ..] = quoted.unwrap_or(line) else { return None };
    let rest = if quoted.is_some() { rest.strip_prefix(b"\"")? } else { rest };
    let sign = rest.first().unwrap_or(named);
    let separates = matches!(sign, b',' | b';' | b'\t' | b'|') && rest.iter().all(|b| b == sign);
    ([*s, *e, *p].eq_ignore_ascii_case(b"sep") && separates).then_some(*sign)
}

fn line_ends(part: &[u8]) -> u64 {
    let mut lines = 0;
    for (i, b) in part.iter().enumerate() {
        let alone = *b == b'\r' && part.get(i + 1) != Some(&b'\n');
        lines += u64::from(*b == b'\n' || alone);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &[u8]) -> Vec<Vec<String>> {
        let (mut rows, mut cells, mut found) = (Rows::new(text), Cells::default(), Vec::new());
        while rows.next(&mut cells).expect("memory reads") == Next::Row {
            let cell = |i| String::from_utf8_lossy(&cells.text()[cells.span(i)]).into_owned();
            found.push((0..cells.len()).map(cell).collect());
        }
        found
    }

    #[test]
    fn quoted_newlines_doubled_quotes_and_crlf_are_read() {
        let rows = all(b"a,b\r\n\"1\n2\",\"say \"\"hi\"\"\"\r\n\r\n,x\rlast,");
        assert_eq!(rows, [vec!["a", "b"], vec!["1\n2", "say \"hi\""], vec!["", "x"], vec!["last", ""]]);
    }

    #[test]
    fn lines_are_counted_through_quoted_newlines_and_blank_lines() {
        let (mut rows, mut cells) = (Rows::new(&b"a\n\n\"b\r\nc\"\nd\re\n"[..]), Cells::default());
        let mut lines = Vec::new();
        while rows.next(&mut cells).expect("memory reads") == Next::Row {
            lines.push((cells.line, cells.several_lines));
        }
        assert_eq!(lines, [(1, false), (3, true), (5, false), (6, false)]);
    }

    #[test]
    fn a_quote_that_never_closes_costs_its_own_line_only() {
        let (mut rows, mut cells) = (Rows::new(&b"a,b\n\"x,1\ny,2\n"[..]), Cells::default());
        let mut seen = Vec::new();
        loop {
            let next = rows.next(&mut cells).expect("memory reads");
            if next == Next::End {
                break;
            }
            seen.push((next, cells.line));
        }
        assert_eq!(seen, [(Next::Row, 1), (Next::OpenQuote, 2), (Next::Row, 3)]);
    }

    #[test]
    fn a_line_without_end_is_skipped_in_bounded_memory() {
        let text = [&b"a\n"[..], &vec![b'x'; 5 * ROW_LIMIT], b"\nb\n"].concat();
        let (mut rows, mut cells) = (Rows::new(&text[..]), Cells::default());
        assert_eq!(rows.next(&mut cells).expect("reads"), Next::Row);
        assert_eq!(rows.next(&mut cells).expect("reads"), Next::TooLong);
        assert_eq!(cells.line, 2);
        assert_eq!(rows.next(&mut cells).expect("reads"), Next::Row);
        assert_eq!((cells.line, cells.text()), (3, &b"b"[..]));
        assert!(rows.buf.capacity() <= 4 * ROW_LIMIT);
    }

    proptest! {
        #[test]
        fn rows_are_those_of_the_csv_crate(text in r#"([a-c",\n\r]|\r\n|"",|","){0,40}"#) {
            let closed = text.clone() + "\"";
            for text in [&text, &closed] {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
                let theirs: Vec<Vec<String>> = reader.records()
                    .map(|r| r.expect("text").iter().map(str::to_owned).collect()).collect();
                let (mut rows, mut cells) = (Rows::new(text.as_bytes()), Cells::default());
                let mut ours: Vec<Vec<String>> = Vec::new();
                let mut open = false;
                loop {
                    match rows.next(&mut cells).expect("memory reads") {
                        Next::Row => ours.push((0..cells.len())
                            .map(|i| String::from_utf8_lossy(&cells.text()[cells.span(i)]).into_owned()).collect()),
                        Next::End => break,
                        _ => { open = true; break }
                    }
                }
                if open {
                    prop_assert!(theirs.len() > ours.len());
                    prop_assert_eq!(&theirs[..ours.len()], &ours[..]);
                } else {
                    prop_assert_eq!(theirs, ours);
                }
            }
        }
    }
}
