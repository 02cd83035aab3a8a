//! The one table: sort, search, filters, columns, groups and pages, all of it in the address, and an export of exactly what the list shows.
//!
//! Rows are given whole; what of them is shown follows from the address alone. Lists too long for that ask their service page by page and
//! hand over one page.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use rust_decimal::Decimal;
use tally_bundle::sheet::{Csv, Sheet};
use tally_kernel::msg;

use super::Ui;

/// Rows of a page, where nothing else is asked for.
const PAGE: usize = 50;
/// The most rows of a page.
const PAGE_MAX: usize = 200;
/// Groups of a page: groups are never cut.
const GROUPS: usize = 20;
/// Values of a column beyond which a filter of them helps nobody.
const VALUES_MAX: usize = 30;
/// Names of the address that belong to the table; `f.` and a column's key is a filter.
const OWN: [&str; 7] = ["q", "sort", "cols", "group", "page", "size", "export"];

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Text,
    /// A code or an id, in letters of one width.
    Code,
    Number,
    /// A state: `plain`, `accent`, `good`, `warn` or `bad`.
    Pill(&'static str),
    /// A share of the whole in parts of a million, drawn behind the text.
    Share(u32),
}

/// What a cell is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Text,
    Number(Decimal),
    /// Comes last, whichever way is sorted.
    Missing,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// As people read it.
    pub text: String,
    pub content: Content,
    /// Where it leads, or empty.
    pub href: String,
    key: Key,
}

impl Cell {
    /// Text; empty is missing.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        let key = if text.is_empty() { Key::Missing } else { Key::Text };
        Self { text, content: Content::Text, href: String::new(), key }
    }

    /// A code or an id.
    pub fn code(text: impl Into<String>) -> Self {
        Self { content: Content::Code, ..Self::text(text) }
    }

    /// A number as people read it, and by what it is sorted.
    pub fn number(text: impl Into<String>, by: impl Into<Decimal>) -> Self {
        Self { text: text.into(), content: Content::Number, href: String::new(), key: Key::Number(by.into()) }
    }

    /// A day or an instant, and by what it is sorted: seconds, days, anything that grows.
    pub fn when(text: impl Into<String>, by: i64) -> Self {
        Self { content: Content::Text, ..Self::number(text, by) }
    }

    /// A state, in a tone of [`Content::Pill`].
    pub fn pill(text: impl Into<String>, tone: &'static str) -> Self {
        Self { content: Content::Pill(tone), ..Self::text(text) }
    }

    /// A share of the whole.
    pub fn share(text: impl Into<String>, ppm: u32) -> Self {
        Self { content: Content::Share(ppm), ..Self::number(text, ppm) }
    }

    /// The same, leading somewhere.
    #[must_use]
    pub fn to(mut self, href: impl Into<String>) -> Self {
        self.href = href.into();
        self
    }

    /// Its pill's tone, or nothing.
    pub fn tone(&self) -> &'static str {
        if let Content::Pill(tone) = self.content { tone } else { "" }
    }

    /// Its share in thousandths, where it is one.
    pub fn thousandths(&self) -> Option<u32> {
        if let Content::Share(ppm) = self.content { Some(ppm / 1_000) } else { None }
    }

    /// Its class in HTML.
    pub fn class(&self) -> &'static str {
        match self.content {
            Content::Text | Content::Pill(_) => "",
            Content::Code => "code",
            Content::Number | Content::Share(_) => "num",
        }
    }
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in the address.
    pub key: &'static str,
    pub label: String,
    /// Numbers stand at the end of a cell.
    pub number: bool,
    /// Whether its values can be chosen among.
    pub filter: bool,
    /// Not shown unless asked for.
    pub hidden: bool,
}

impl Column {
    /// A column of text; `label` is an id.
    pub fn text(ui: &Ui, key: &'static str, label: &str) -> Self {
        Self { key, label: ui.t(label), number: false, filter: false, hidden: false }
    }

    /// A column of numbers.
    pub fn number(ui: &Ui, key: &'static str, label: &str) -> Self {
        Self { number: true, ..Self::text(ui, key, label) }
    }

    /// Whose values can be chosen among.
    #[must_use]
    pub fn filtered(mut self) -> Self {
        self.filter = true;
        self
    }

    /// Shown only where asked for.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }
}

/// A row: as many cells as the table has columns.
#[derive(Clone, Debug)]
pub struct Row {
    /// Stays the same while the row is there, so that focus and scroll stay too.
    pub id: String,
    /// Where the row leads, or empty.
    pub href: String,
    pub cells: Vec<Cell>,
}

/// What the address says of the table.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pairs: Vec<(String, String)>,
}

impl Asked {
    /// Of what stands behind the `?`.
    pub fn of(pairs: Vec<(String, String)>) -> Self {
        Self { pairs: pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect() }
    }

    /// The value of a name, or empty.
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// What is asked besides the table: the page's own.
    pub fn others(&self) -> impl Iterator<Item = &(String, String)> {
        self.pairs.iter().filter(|(name, _)| !OWN.contains(&name.as_str()) && !name.starts_with("f."))
    }

    /// Whether a file is asked for and not a page.
    pub fn wants_export(&self) -> bool {
        !self.get("export").is_empty()
    }

    /// The address with some names changed; an empty value takes the name out.
    pub fn with(&self, path: &str, changes: &[(&str, &str)]) -> String {
        let kept = self.pairs.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let new = changes.iter().copied().filter(|(_, value)| !value.is_empty());
        let encoded =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let pairs: Vec<_> =
            kept.chain(new).map(|(name, value)| format!("{}={}", name_of(name), encoded(value))).collect();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
    }
}

/// Names of the address are ours: letters, dots and dashes.
fn name_of(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2E", ".")
        .replace("%5F", "_")
}

/// A heading of the shown columns.
#[derive(Clone, Debug)]
pub struct Head {
    pub key: &'static str,
    pub label: String,
    pub number: bool,
    /// Where it leads: sorted by it, the other way round if it is already.
    pub href: String,
    /// `ascending`, `descending` or `none`.
    pub sorted: &'static str,
}

/// A filter by the values of a column.
#[derive(Clone, Debug)]
pub struct Filter {
    pub name: String,
    pub label: String,
    pub values: Vec<String>,
    pub chosen: String,
}

/// A column that can be shown or not.
#[derive(Clone, Debug)]
pub struct Toggle {
    pub key: &'static str,
    pub label: String,
    pub shown: bool,
}

/// Some rows under a heading; without groups there is one, whose heading is empty.
#[derive(Clone, Debug)]
pub struct RowGroup {
    pub label: String,
    pub count: usize,
    pub rows: Vec<Row>,
}

/// The table as it is shown.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its id in the page.
    pub id: &'static str,
    /// What it lists, for those who hear it.
    pub caption: String,
    pub heads: Vec<Head>,
    pub groups: Vec<RowGroup>,
    pub filters: Vec<Filter>,
    pub toggles: Vec<Toggle>,
    /// Columns by which it can be grouped: key and label.
    pub groupable: Vec<(&'static str, String)>,
    pub grouped: String,
    pub query: String,
    /// What goes along unseen when it is searched.
    pub kept: Vec<(String, String)>,
    /// How many rows there are of how many.
    pub counted: String,
    /// Where pages lie: this one, all, and the ways there (empty where there is none).
    pub page: usize,
    pub pages: usize,
    pub previous: String,
    pub next: String,
    pub export: String,
    /// What stands where nothing is.
    pub empty: String,
    /// Nothing is there at all, or nothing that fits what was asked.
    pub is_searched: bool,
    /// Without anything asked.
    pub cleared: String,
    all: Vec<Row>,
    columns: Vec<Column>,
    shown: Vec<usize>,
}

impl Table {
    /// A list of rows as the address asks for it. `empty` is the id of what stands where there is none.
    pub fn new(
        ui: &Ui,
        (id, caption, empty): (&'static str, &str, &str),
        asked: &Asked,
        columns: Vec<Column>,
        rows: Vec<Row>,
    ) -> Self {
        let total = rows.len();
        let filters = filters(&columns, &rows, asked);
        let mut rows = rows;
        rows.retain(|row| fits(row, &columns, asked));
        sort(ui, &mut rows, &columns, asked.get("sort"));
        let shown = shown(&columns, asked);
        let by = columns.iter().position(|column| column.filter && column.key == asked.get("group"));
        let (groups, page, pages) = paged(ui, &rows, by, asked);
        let path = ui.path();
        let link = |page: usize, there: bool| {
            if there { asked.with(path, &[("page", &page.to_string())]) } else { String::new() }
        };
        let toggle = |(at, column): (usize, &Column)| Toggle {
            key: column.key,
            label: column.label.clone(),
            shown: shown.contains(&at),
        };
        let count = rows.len();
        Self {
            id,
            caption: ui.t(caption),
            heads: shown.iter().filter_map(|at| columns.get(*at)).map(|column| head(column, asked, path)).collect(),
            groups: groups.into_iter().map(|group| narrowed(group, &shown)).collect(),
            filters,
            toggles: columns.iter().enumerate().map(toggle).collect(),
            groupable: columns.iter().filter(|it| it.filter).map(|it| (it.key, it.label.clone())).collect(),
            grouped: by.map_or("", |_| asked.get("group")).to_owned(),
            query: asked.get("q").to_owned(),
            kept: asked.others().cloned().collect(),
            counted: if count == total {
                ui.say(&msg!("UI_ROWS", count))
            } else {
                ui.say(&msg!("UI_ROWS_OF", count, total))
            },
            previous: link(page - 1, page > 1),
            next: link(page + 1, page < pages),
            page,
            pages,
            export: asked.with(path, &[("export", "csv"), ("page", "")]),
            empty: ui.t(if total == 0 { empty } else { "UI_NOTHING_FITS" }),
            is_searched: total > 0,
            cleared: path.to_owned(),
            all: rows,
            columns,
            shown,
        }
    }

    /// What the shown column at a place is called.
    pub fn label(&self, at: &usize) -> &str {
        self.heads.get(*at).map_or("", |head| head.label.as_str())
    }

    /// Whether there are no rows to show.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All rows of the list as CSV for a spreadsheet: those that fit, in their order, with the shown columns.
    pub fn csv(&self) -> std::io::Result<Vec<u8>> {
        let heads: Vec<&str> =
            self.shown.iter().filter_map(|at| self.columns.get(*at)).map(|it| it.label.as_str()).collect();
        let mut out = Vec::new();
        let mut sheet = Sheet::new(&mut out, &heads, Csv::ForPeople)?;
        for row in &self.all {
            let cells: Vec<String> = self.shown.iter().filter_map(|at| row.cells.get(*at)).map(exported).collect();
            sheet.row(cells.iter().map(String::as_str))?;
        }
        sheet.finish()?;
        Ok(out)
    }
}

/// A number goes out as programs read it.
fn exported(cell: &Cell) -> String {
    match (&cell.key, &cell.content) {
        (Key::Number(number), Content::Number) => number.to_string(),
        _ => cell.text.clone(),
    }
}

fn head(column: &Column, asked: &Asked, path: &str) -> Head {
    let (key, sort) = (column.key, asked.get("sort"));
    let down = format!("-{key}");
    let (sorted, next) = if sort == key {
        ("ascending", down.as_str())
    } else if sort == down {
        ("descending", key)
    } else if column.number {
        ("none", down.as_str())
    } else {
        ("none", key)
    };
    let href = asked.with(path, &[("sort", next), ("page", "")]);
    Head { key, label: column.label.clone(), number: column.number, href, sorted }
}

fn filters(columns: &[Column], rows: &[Row], asked: &Asked) -> Vec<Filter> {
    let filter = |(at, column): (usize, &Column)| {
        let values: BTreeSet<&str> =
            rows.iter().filter_map(|row| row.cells.get(at)).map(|cell| cell.text.as_str()).collect();
        let name = format!("f.{}", column.key);
        let chosen = asked.get(&name).to_owned();
        let values: Vec<_> = values.into_iter().filter(|value| !value.is_empty()).map(str::to_owned).collect();
        (values.len() <= VALUES_MAX).then(|| Filter { label: column.label.clone(), values, chosen, name })
    };
    columns.iter().enumerate().filter(|(_, column)| column.filter).filter_map(filter).collect()
}

fn fits(row: &Row, columns: &[Column], asked: &Asked) -> bool {
    let sought = asked.get("q").to_lowercase();
    let has = |word: &str| row.cells.iter().any(|cell| cell.text.to_lowercase().contains(word));
    let chosen = |(at, column): (usize, &Column)| {
        let wanted = asked.get(&format!("f.{}", column.key));
        wanted.is_empty() || row.cells.get(at).is_some_and(|cell| cell.text == wanted)
    };
    sought.split_whitespace().all(has) && columns.iter().enumerate().filter(|(_, column)| column.filter).all(chosen)
}

fn sort(ui: &Ui, rows: &mut [Row], columns: &[Column], sort: &str) {
    let (key, down) = sort.strip_prefix('-').map_or((sort, false), |key| (key, true));
    let Some(at) = columns.iter().position(|column| column.key == key) else { return };
    let turned = |order: Ordering| if down { order.reverse() } else { order };
    rows.sort_by(|a, b| match (a.cells.get(at), b.cells.get(at)) {
        (Some(a), Some(b)) => match (&a.key, &b.key) {
            (Key::Missing, Key::Missing) => Ordering::Equal,
            (Key::Missing, _) => Ordering::Greater,
            (_, Key::Missing) => Ordering::Less,
            (Key::Number(a), Key::Number(b)) => turned(a.cmp(b)),
            _ => turned(ui.format.order(&a.text, &b.text)),
        },
        _ => Ordering::Equal,
    });
}

/// The columns that are ticked, each as a value of its own; or those that are shown where nothing else is asked for.
fn shown(columns: &[Column], asked: &Asked) -> Vec<usize> {
    let ticked = asked.pairs.iter().filter(|(name, _)| name == "cols");
    let wanted: BTreeSet<&str> = ticked.flat_map(|(_, value)| value.split(',')).collect();
    let all = columns.iter().enumerate();
    let some: Vec<usize> = all.clone().filter(|(_, it)| wanted.contains(it.key)).map(|(at, _)| at).collect();
    if some.is_empty() { all.filter(|(_, it)| !it.hidden).map(|(at, _)| at).collect() } else { some }
}

/// The groups of the page, which page it is, and how many there are.
fn paged(ui: &Ui, rows: &[Row], by: Option<usize>, asked: &Asked) -> (Vec<RowGroup>, usize, usize) {
    let wanted = asked.get("page").parse().unwrap_or(1_usize);
    let at = |pages: usize| wanted.clamp(1, pages.max(1));
    let Some(by) = by else {
        let size = asked.get("size").parse().unwrap_or(PAGE).clamp(1, PAGE_MAX);
        let pages = rows.len().div_ceil(size).max(1);
        let page = at(pages);
        let rows: Vec<Row> = rows.iter().skip((page - 1) * size).take(size).cloned().collect();
        return (vec![RowGroup { label: String::new(), count: rows.len(), rows }], page, pages);
    };
    let label = |row: &Row| row.cells.get(by).map(|cell| cell.text.clone()).unwrap_or_default();
    let mut labels: Vec<String> = rows.iter().map(label).collect::<BTreeSet<_>>().into_iter().collect();
    labels.sort_by(|a, b| ui.format.order(a, b));
    let pages = labels.len().div_ceil(GROUPS).max(1);
    let page = at(pages);
    let group = |of: String| {
        let rows: Vec<Row> = rows.iter().filter(|row| label(row) == of).cloned().collect();
        RowGroup { count: rows.len(), rows, label: if of.is_empty() { "–".to_owned() } else { of } }
    };
    (labels.into_iter().skip((page - 1) * GROUPS).take(GROUPS).map(group).collect(), page, pages)
}

fn narrowed(mut group: RowGroup, shown: &[usize]) -> RowGroup {
    for row in &mut group.rows {
        row.cells = shown.iter().filter_map(|at| row.cells.get(*at).cloned()).collect();
    }
    group
}

#[cfg(test)]
mod tests;
