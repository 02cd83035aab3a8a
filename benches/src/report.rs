//! The report: sections with a table each, and targets that are met or not; as markdown to read and JSON to compare.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::machine::Machine;

/// Everything that was measured in one run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// Where.
    pub machine: Machine,
    /// Whether sizes were cut.
    pub quick: bool,
    /// The load of the machine at the start and at the end: idle is near 0.
    pub load: (f64, f64),
    /// What was measured.
    pub sections: Vec<Section>,
}

/// One comparison.
#[derive(Debug, Default, Serialize)]
pub struct Section {
    /// What is compared.
    pub title: String,
    /// How it was measured.
    pub about: String,
    /// Heads of the columns.
    pub head: Vec<String>,
    /// Rows, as they are printed.
    pub rows: Vec<Vec<String>>,
    /// What was wanted.
    pub targets: Vec<Target>,
    /// Why it was not measured, where it was not.
    pub missing: Option<String>,
}

/// Something wanted.
#[derive(Debug, Serialize)]
pub struct Target {
    /// Of what.
    pub what: String,
    /// What was measured.
    pub measured: f64,
    /// The bound.
    pub bound: f64,
    /// Whether the bound is the most, or else the least.
    pub at_most: bool,
    /// Its unit.
    pub unit: &'static str,
}

impl Target {
    /// Whether it is met.
    pub fn met(&self) -> bool {
        if self.at_most { self.measured <= self.bound } else { self.measured >= self.bound }
    }
}

impl Section {
    /// A section without rows.
    pub fn new(title: &str, about: &str, head: &[&str]) -> Self {
        let head = head.iter().map(|&cell| cell.to_owned()).collect();
        Self { title: title.to_owned(), about: about.to_owned(), head, ..Self::default() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Wants no more than `bound`.
    pub fn at_most(&mut self, what: &str, measured: f64, bound: f64, unit: &'static str) {
        self.targets.push(Target { what: what.to_owned(), measured, bound, at_most: true, unit });
    }

    /// Wants no less than `bound`.
    pub fn at_least(&mut self, what: &str, measured: f64, bound: f64, unit: &'static str) {
        self.targets.push(Target { what: what.to_owned(), measured, bound, at_most: false, unit });
    }

    fn markdown(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n## {}\n\n{}\n", self.title, self.about)?;
        if let Some(missing) = &self.missing {
            writeln!(out, "Not measured: {missing}\n")?;
        }
        if !self.rows.is_empty() {
            let marks: Vec<&str> =
                self.head.iter().enumerate().map(|(n, _)| if n == 0 { ":--" } else { "--:" }).collect();
            writeln!(out, "| {} |\n| {} |", self.head.join(" | "), marks.join(" | "))?;
            for row in &self.rows {
                writeln!(out, "| {} |", row.join(" | "))?;
            }
        }
        if !self.targets.is_empty() {
            writeln!(out, "\n| target | measured | wanted | met |\n| :-- | --: | --: | :-- |")?;
        }
        for target in &self.targets {
            let (sign, met) = (if target.at_most { "≤" } else { "≥" }, if target.met() { "yes" } else { "**no**" });
            let (measured, bound) = (number(target.measured), number(target.bound));
            writeln!(
                out,
                "| {} | {measured} {unit} | {sign} {bound} {unit} | {met} |",
                target.what,
                unit = target.unit
            )?;
        }
        Ok(())
    }
}

impl Report {
    /// Writes `report.md` and `report.json`.
    pub fn write(&self, dir: &Path) -> Result<()> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        fs::write(dir.join("report.json"), serde_json::to_string_pretty(self)? + "\n")?;
        fs::write(dir.join("report.md"), self.markdown()?)?;
        Ok(())
    }

    /// Targets that are missed.
    pub fn missed(&self) -> usize {
        self.sections.iter().flat_map(|section| &section.targets).filter(|target| !target.met()).count()
    }

    fn markdown(&self) -> Result<String, std::fmt::Error> {
        let (m, mut out) = (&self.machine, String::new());
        writeln!(out, "# How fast is it\n")?;
        writeln!(
            out,
            "Made {} on {} cores of {}, {} GiB, Linux {}. Load of the machine {} at the start and {} at the end{}.",
            self.made_at,
            m.cores,
            m.processor,
            m.memory_gib,
            m.kernel,
            number(self.load.0),
            number(self.load.1),
            if self.load.0 > 1.0 {
                ": others were at work, so wall times are longer than on an idle machine"
            } else {
                ""
            },
        )?;
        writeln!(
            out,
            "Figures of one run compare with each other and with nothing else. `cpu` is the seconds of all cores."
        )?;
        if self.quick {
            writeln!(out, "\nA quick run of a tenth of the size: it shows that everything runs, no more.")?;
        }
        for section in &self.sections {
            section.markdown(&mut out)?;
        }
        Ok(out)
    }
}

/// A number with about three significant places.
pub fn number(value: f64) -> String {
    let places = match value.abs() {
        0.0 => 0,
        below if below < 1.0 => 3,
        below if below < 10.0 => 2,
        below if below < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.places$}");
    if value.abs() < 10_000.0 { text } else { grouped(&text) }
}

/// Thousands apart.
fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
