//! The files of a bundle for whoever fills them in: their columns by the names of each language, and rows to begin with.

use tally_kernel::Locale;

use super::cleaned::Need;
use super::labels::label;
use super::layout::Layout;
use super::sheet::{Csv, Sheet};
use super::{claimed, devices, duty, observed, people, rates, records, replied};

/// A file of a bundle, to be filled in.
pub struct Form {
    layout: &'static Layout,
    /// Rows as somebody fills them in, in the order of the columns; those at the end that are left out are empty.
    rows: &'static [&'static [&'static str]],
}

/// Of each file that holds rows.
pub static FORMS: [Form; 12] = [
    Form {
        layout: &people::PEOPLE,
        rows: &[
            &["1001", "王芳", "Hangzhou/Chat", "agent", "P2", "2024-05-06"],
            &["1002", "Li Wei", "Hangzhou/Chat", "agent", "P1", "2025-01-13"],
        ],
    },
    Form {
        layout: &people::ACCOUNTS,
        rows: &[&["JD", "Star River Digital", "jd-kf01", "shared", "3", "Asia/Shanghai", "Hangzhou/Chat"]],
    },
    Form {
        layout: &records::RECORDS,
        rows: &[
            &[
                "JD",
                "Star River Digital",
                "jd-kf01",
                "J1",
                "2026-03-02 09:00:00",
                "2026-03-02 09:05:30",
                "",
                "presale",
                "12",
                "yes",
                "5",
                "199.00",
            ],
            &[
                "JD",
                "Star River Digital",
                "jd-kf01",
                "J2",
                "2026-03-02 09:03:00",
                "2026-03-02 09:20:00",
                "1002",
                "aftersale",
                "",
                "no",
            ],
        ],
    },
    Form {
        layout: &replied::REPLIES,
        rows: &[
            &["jd-kf01", "J1", "2026-03-02 09:00:04", "customer"],
            &["jd-kf01", "J1", "2026-03-02 09:00:16", "agent", "PC-07"],
        ],
    },
    Form { layout: &claimed::CLAIMS, rows: &[&["jd-kf01", "2026-03-02 09:05:40", "1001", "J1"]] },
    Form { layout: &duty::ROSTERS, rows: &[&["1001", "jd-kf01", "2026-03-02 09:00", "2026-03-02 18:00"]] },
    Form { layout: &duty::PUNCHES, rows: &[&["1001", "2026-03-02 08:57", "in"], &["1001", "2026-03-02 18:04", "out"]] },
    Form {
        layout: &duty::HANDOVERS,
        rows: &[&["jd-kf01", "1001", "2026-03-02 09:00", "take"], &["jd-kf01", "1001", "2026-03-02 18:00", "release"]],
    },
    Form { layout: &people::ALIASES, rows: &[&["JD", "小芳", "1001", "2026-03-01"]] },
    Form { layout: &devices::DEVICES, rows: &[&["PC-07", "1001", "", "2026-03-01"]] },
    Form {
        layout: &observed::OBSERVATIONS,
        rows: &[&["visits", "store", "JD/Star River Digital", "2026-03-02", "2026-03-02", "", "1840", "JD"]],
    },
    Form { layout: &rates::RATES, rows: &[&["2026-03-02", "JPY", "CNY", "0.0479", "PBOC"]] },
];

impl Form {
    /// The file.
    pub fn file(&self) -> &'static str {
        self.layout.file
    }

    /// Its columns, and whether a file must have each.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.layout.columns.iter().map(|(name, need)| (*name, *need == Need::Required))
    }

    /// The file with its rows to begin with, for a spreadsheet; the heads in a language, in English those of programs.
    ///
    /// # Errors
    /// None: it is written to memory.
    pub fn csv(&self, locale: Locale) -> std::io::Result<Vec<u8>> {
        let head: Vec<String> = self
            .columns()
            .map(|(name, _)| if locale == Locale::En { name.to_owned() } else { label(locale, self.file(), name) })
            .collect();
        let mut sheet = Sheet::new(Vec::new(), &head.iter().map(String::as_str).collect::<Vec<_>>(), Csv::ForPeople)?;
        for row in self.rows {
            sheet.row((0..head.len()).map(|at| row.get(at).copied().unwrap_or_default()))?;
        }
        sheet.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tempfile::TempDir;

    use super::*;
    use crate::labels::{column, folded};
    use crate::{Options, TakenFor, exported, read_bundle};

    #[test]
    fn the_forms_of_each_language_are_a_bundle_that_is_read_without_a_fault() {
        for locale in Locale::ALL {
            let folder = TempDir::new().expect("a folder");
            for form in &FORMS {
                std::fs::write(folder.path().join(form.file()), form.csv(locale).expect("a file")).expect("written");
            }
            let reading = read_bundle(folder.path(), Options::default(), &mut |_, _| {});
            let reading = reading.unwrap_or_else(|unusable| panic!("{locale:?}: {unusable}"));
            assert_eq!(reading.rejected, [], "{locale:?}");
            let read = &reading.bundle;
            let counts =
                [read.people.len(), read.records.len(), read.replies.len(), read.claims.len(), read.rosters.len()];
            assert_eq!(counts, [2, 2, 2, 1, 1], "{locale:?}");
            assert_eq!((read.measures.len(), read.rates.len(), read.owned.len()), (0, 1, 1), "{locale:?}");
            let understood = reading.columns.iter().all(|it| matches!(it.taken, TakenFor::Column(_)));
            assert!(understood, "{locale:?}: {:?}", reading.columns);
        }
    }

    #[test]
    fn no_name_of_a_column_means_another_one_of_its_file_in_any_language() {
        for form in &FORMS {
            let mut meant: BTreeMap<String, &str> = BTreeMap::new();
            for (name, _) in form.columns() {
                let others = exported::chinese(form.file(), name).iter().map(|other| (*other).to_owned());
                let called = Locale::ALL.map(|locale| folded(&label(locale, form.file(), name)));
                for called in called.into_iter().chain(others).chain([name.to_owned()]) {
                    let before = meant.insert(called.clone(), name).unwrap_or(name);
                    assert_eq!(before, name, "{called} of {}", form.file());
                }
            }
        }
    }

    #[test]
    fn the_usual_name_of_a_chinese_export_is_the_one_of_the_form() {
        assert_eq!(label(Locale::ZhCn, "people.csv", "employee_no"), "工号");
        assert_eq!(label(Locale::ZhCn, "rates.csv", "from"), "原币种");
        assert_eq!(column(&people::PEOPLE, "employee number"), Some("employee_no"));
        assert_eq!(column(&people::PEOPLE, "started"), None);
    }
}
