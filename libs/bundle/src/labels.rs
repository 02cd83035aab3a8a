//! What columns are called in each language.
//!
//! A head is read by the column's own name (`employee_no`), by those of common Chinese exports, and by its name in any language of the
//! catalogues (`HEAD_EMPLOYEE_NO`), so that a form which was filled in is read wherever it came from.

use tally_i18n::named;
use tally_kernel::Locale;

use super::cell::fold;
use super::layout::Layout;

/// Columns that are something else in their file than their name means elsewhere.
const OF_FILE: [&str; 2] = ["rates_from", "rates_to"];

/// What a column of a file is called in a language.
pub fn label(locale: Locale, file: &str, column: &str) -> String {
    let id = |name: &str| format!("HEAD_{}", name.to_uppercase());
    let of_file = format!("{}_{column}", file.trim_end_matches(".csv"));
    let found = OF_FILE.contains(&of_file.as_str()).then(|| named(locale, &id(&of_file))).flatten();
    found.or_else(|| named(locale, &id(column))).unwrap_or_else(|| column.to_owned())
}

/// The column that some language calls so, if one does; `name` is folded and in small letters.
pub(crate) fn column(layout: &Layout, name: &str) -> Option<&'static str> {
    let is_it = |column: &str| Locale::ALL.iter().any(|locale| folded(&label(*locale, layout.file, column)) == name);
    layout.columns.iter().map(|(column, _)| *column).find(|column| is_it(column))
}

/// As heads are compared.
pub(crate) fn folded(text: &str) -> String {
    fold(text).to_lowercase()
}
