//! What a person reads on a terminal: the summary of a job, and why one record or one person came out as they did.
//!
//! Every page is a String first, so that it can be tested and never breaks off in the middle when the reader goes away.
//! Widths are columns of a terminal, not characters: Chinese takes two. Bold headings only where a terminal shows them,
//! and no colour at all.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;

use tally_bundle::Bundle;

use crate::cli::Language;
use crate::close::CloseOutcome;
use crate::print;
use tally_import::Report;

mod explain;
mod imported;
mod scores;
mod summary;
mod text;
mod truth;
mod words;
mod work;

pub use explain::explain;
pub use scores::spotlight;
pub use text::{Page, Table, count, decimal, percent, wrap};
pub use truth::{Hits, Truth, truth, won};

/// Prints what came of a job.
pub fn summary(bundle: &Bundle, outcome: &CloseOutcome, lang: Language) {
    let mut page = page();
    summary::write(&mut page, bundle, outcome, lang);
    print::text(&page.finish());
}

/// Prints how many findings there are of each kind; nothing where there are none.
pub fn findings(kinds: &BTreeMap<String, u64>, lang: Language) {
    let mut page = page();
    summary::findings(&mut page, kinds, lang);
    let found = page.finish();
    if !found.is_empty() {
        print::text(&(found + "\n"));
    }
}

/// Prints what an import brought; the files about it are in `out`.
pub fn imported(report: &Report, out: &Path, lang: Language) {
    let mut page = page();
    imported::write(&mut page, report, out, lang);
    print::text(&page.finish());
}

/// An empty page for the standard output.
pub fn page() -> Page {
    Page::new(std::io::stdout().is_terminal())
}
