//! Pages, tables and numbers for a terminal.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Columns of a page.
const WIDTH: usize = 100;

/// Lines of text in the making.
#[derive(Debug)]
pub struct Page {
    text: String,
    bold: bool,
}

impl Page {
    /// An empty page; headings are bold on a terminal that shows it.
    pub fn new(bold: bool) -> Self {
        Self { text: String::new(), bold }
    }

    /// A title of a part, with air above it.
    pub fn heading(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.bold(text);
    }

    /// A line that stands out on a terminal.
    pub fn bold(&mut self, text: &str) {
        let (on, off) = if self.bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        self.text.push_str(&format!("{on}{text}{off}\n"));
    }

    /// One line as it is.
    pub fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// A sentence, broken at the width of the page; every line is indented by as many spaces.
    pub fn say(&mut self, indent: usize, text: &str) {
        self.item(indent, "", text);
    }

    /// A sentence behind a mark, such as `- `; further lines begin below its text.
    pub fn item(&mut self, indent: usize, mark: &str, text: &str) {
        let hang = indent + mark.width();
        for (n, line) in wrap(text, WIDTH.saturating_sub(hang)).iter().enumerate() {
            let lead = if n == 0 { mark } else { "" };
            let pad = if n == 0 { indent } else { hang };
            self.line(&format!("{:pad$}{lead}{line}", ""));
        }
    }

    /// A table, indented.
    pub fn table(&mut self, indent: usize, table: &Table) {
        for line in table.lines() {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }
}

/// Cells in columns as wide as their widest cell.
#[derive(Debug, Default)]
pub struct Table {
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table whose columns stand left (`<`) or right (`>`), such as `"<>>"`.
    pub fn new(columns: &str) -> Self {
        Self { right: columns.chars().map(|c| c == '>').collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let widest = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|c| c.width()).max();
        let widths: Vec<usize> = (0..self.right.len()).map(|column| widest(column).unwrap_or(0)).collect();
        self.rows.iter().map(move |row| {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(&widths).zip(&self.right) {
                let pad = " ".repeat(width - cell.width().min(*width));
                let gap = if line.is_empty() { "" } else { "  " };
                let (before, after) = if *right { (pad.as_str(), "") } else { ("", pad.as_str()) };
                line.push_str(&format!("{gap}{before}{cell}{after}"));
            }
            line
        })
    }
}

/// Breaks text at spaces, and between Chinese characters, so that no line is wider than `width` where that can be.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    let mut space = false;
    for word in words(text) {
        if word == " " {
            space = true;
            continue;
        }
        let gap = usize::from(space && !line.is_empty());
        // Punctuation that closes never begins a line.
        let closes = word.chars().all(|c| "，。；：、）」！？,.;:)".contains(c));
        if !line.is_empty() && !closes && line.width() + gap + word.width() > width {
            lines.push(std::mem::take(&mut line));
        } else if gap == 1 {
            line.push(' ');
        }
        line.push_str(word);
        space = false;
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Words, single wide characters, and spaces. A bracket that opens belongs to what follows.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut from) = (Vec::new(), 0);
    for (at, c) in text.char_indices() {
        let opens = "（「“".contains(c);
        let alone = c == ' ' || c.width().unwrap_or(0) > 1;
        let behind_bracket = text[from..at].chars().all(|c| "（「“".contains(c));
        if (alone || opens) && from < at && (c == ' ' || !behind_bracket) {
            words.push(&text[from..at]);
            from = at;
        }
        if alone && !opens {
            let end = at + c.len_utf8();
            words.push(&text[from..end]);
            from = end;
        }
    }
    if from < text.len() {
        words.push(&text[from..]);
    }
    words
}

/// A whole number with separators: `20,000`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Millionths with so many decimals (at most 6), half up, with separators: `1,204.5`.
pub fn decimal(millionths: u64, places: u32) -> String {
    let unit = 10_u64.pow(6 - places.min(6));
    let rounded = millionths.saturating_add(unit / 2) / unit;
    let scale = 10_u64.pow(places.min(6));
    let whole = count(rounded / scale);
    if places == 0 { whole } else { format!("{whole}.{:0width$}", rounded % scale, width = places as usize) }
}

/// A part of a whole in per cent with one decimal: `26.1 %`; nothing of nothing is 0.
pub fn percent(part: u64, whole: u64) -> String {
    let tenths = (u128::from(part) * 2_000 + u128::from(whole)) / (u128::from(whole.max(1)) * 2);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A bar of at most `width` blocks for a part of a whole; the smallest part that is not nothing still shows.
pub(super) fn bar(part: u64, whole: u64, width: u64) -> String {
    let eighths = u128::from(part) * u128::from(width) * 8 / u128::from(whole.max(1));
    let eighths = if part > 0 { eighths.max(1) } else { 0 } as usize;
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{rest}", "█".repeat(eighths / 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_takes_two_columns_in_a_table() {
        let mut table = Table::new("<>");
        table.row(["王芳", "5"]);
        table.row(["Li Wei", "1,204"]);
        let mut page = Page::new(false);
        page.table(2, &table);
        assert_eq!(page.finish(), "  王芳        5\n  Li Wei  1,204\n");
    }

    #[test]
    fn sentences_break_at_spaces_and_between_characters_but_never_before_a_full_stop() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("解决率：四条记录。", 8), ["解决率：", "四条记录。"]);
        assert_eq!(wrap("解决率（四条）", 8), ["解决率", "（四条）"]);
        assert_eq!(wrap("解决（see it）", 8), ["解决", "（see it）"]);
        assert_eq!(wrap("", 8), [""]);
        assert_eq!(wrap("a-word-that-is-too-long x", 5), ["a-word-that-is-too-long", "x"]);
    }

    #[test]
    fn numbers_have_separators_and_round_half_up() {
        assert_eq!([count(0), count(999), count(1_000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([decimal(1_204_450_000, 1), decimal(999_950, 1), decimal(0, 0)], ["1,204.5", "1.0", "0"]);
        assert_eq!([percent(1, 3), percent(0, 0), percent(2, 3)], ["33.3 %", "0.0 %", "66.7 %"]);
        assert_eq!([bar(1, 2, 4), bar(1, 1_000_000, 4), bar(0, 5, 4)], ["██", "▏", ""]);
    }
}
