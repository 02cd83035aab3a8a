//! Charts as SVG, made here: they print, follow the theme and the direction of the page, and have the same numbers in a table beside them.

use super::Ui;

/// Units of a bar's drawing from its beginning to its end.
const WIDTH: u32 = 1_000;

/// A row of bars, with its numbers beside.
#[derive(Clone, Debug)]
pub struct Bars {
    /// What is drawn, for those who do not see it.
    pub title: String,
    pub rows: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    pub label: String,
    /// As people read it.
    pub value: String,
    /// Of [`WIDTH`].
    pub length: u32,
    /// `plain`, `accent`, `good`, `warn` or `bad`.
    pub tone: &'static str,
    /// Where it leads, or empty.
    pub href: String,
}

impl Bars {
    /// Bars of values none of which is less than nothing, the longest as wide as the drawing.
    pub fn of(title: String, rows: impl IntoIterator<Item = (String, String, u64, &'static str)>) -> Self {
        let rows: Vec<_> = rows.into_iter().collect();
        let longest = rows.iter().map(|row| row.2).max().unwrap_or_default().max(1);
        let length = |value: u64| (u128::from(value) * u128::from(WIDTH) / u128::from(longest)) as u32;
        let bar = |(label, value, size, tone): (String, String, u64, &'static str)| Bar {
            label,
            value,
            length: length(size),
            tone,
            href: String::new(),
        };
        Self { title, rows: rows.into_iter().map(bar).collect() }
    }

    /// What stands where there is nothing to draw.
    pub fn empty(&self, ui: &Ui) -> Option<String> {
        self.rows.is_empty().then(|| ui.t("UI_NOTHING_TO_DRAW"))
    }
}
