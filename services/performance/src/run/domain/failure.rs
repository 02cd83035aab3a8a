//! Why a run could not be done, or a cycle not be closed. Pure.

use serde::{Deserialize, Serialize};
use tally_kernel::time::Period;
use tally_kernel::{Message, msg};

/// Why a run could not be done, or a cycle not be closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// No record of a known account in the period.
    NoRecords {
        period: Period,
        /// Whether it is about a part of the group: of the others nothing is said.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        part: bool,
    },
    /// Records, but nobody to credit them to.
    NobodyCredited {
        records: u64,
        /// The period, where nobody at all is employed in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unemployed: Option<Period>,
        /// How many of them are credited to people who are not in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        elsewhere: Option<u64>,
    },
    /// It touches people or accounts beyond the unit that it was started for.
    BelongsAbove {
        /// Path of the lowest unit above all that it touches; empty for the group.
        unit: String,
        /// Keys of accounts of the unit that people beyond it serve; none where its people serve accounts beyond it.
        accounts: Vec<String>,
        /// Paths of the first units beyond it whose people serve them, or whose accounts its people serve.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        beyond: Vec<String>,
    },
    /// The run that a cycle waited for was stopped.
    RunStopped,
    /// Something else said no, in a sentence.
    Refused {
        /// Its stable reason.
        reason: String,
        /// Its sentence.
        message: Message,
    },
    /// Tried several times in vain.
    GaveUp {
        /// The stable reason of the last time.
        reason: String,
    },
}

impl Failure {
    pub fn reason(&self) -> &str {
        match self {
            Self::NoRecords { .. } => "PERIOD_WITHOUT_RECORDS",
            Self::NobodyCredited { .. } => "NOBODY_CREDITED",
            Self::BelongsAbove { .. } => "RUN_BELONGS_ABOVE",
            Self::RunStopped => "RUN_STOPPED",
            Self::Refused { reason, .. } | Self::GaveUp { reason } => reason,
        }
    }

    /// What is wrong and what to change.
    pub fn message(&self) -> Message {
        match self {
            Self::NoRecords { period, part: false } => {
                msg!("PERIOD_WITHOUT_RECORDS", from = period.from(), to = period.to())
            }
            Self::NoRecords { period, part: true } => {
                msg!("PERIOD_WITHOUT_RECORDS.part", from = period.from(), to = period.to())
            }
            Self::NobodyCredited { records, elsewhere: Some(elsewhere), .. } => {
                msg!("NOBODY_CREDITED.elsewhere", records, elsewhere)
            }
            Self::NobodyCredited { records, unemployed: None, .. } => msg!("NOBODY_CREDITED", records),
            Self::NobodyCredited { records, unemployed: Some(period), .. } => {
                msg!("NOBODY_CREDITED.unemployed", records, from = period.from(), to = period.to())
            }
            Self::BelongsAbove { unit, accounts, beyond } => {
                let (own, units) = (accounts.len(), beyond.len());
                let (accounts, beyond) = (accounts.join(", "), beyond.join(", "));
                if unit.is_empty() {
                    msg!("RUN_BELONGS_ABOVE.group", own, accounts, units, beyond)
                } else {
                    msg!("RUN_BELONGS_ABOVE", unit, own, accounts, units, beyond)
                }
            }
            Self::RunStopped => msg!("RUN_STOPPED"),
            Self::Refused { message, .. } => msg!("CYCLE_REFUSED", message = *message),
            Self::GaveUp { reason } => msg!("CYCLE_GIVEN_UP", reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use tally_i18n::text;
    use tally_kernel::Locale;

    use super::*;

    #[test]
    fn a_failure_that_names_a_unit_says_what_to_do_in_both_languages() {
        let of = |accounts: &[&str], beyond: &[&str]| Failure::BelongsAbove {
            unit: "north".into(),
            accounts: accounts.iter().map(|key| (*key).to_owned()).collect(),
            beyond: beyond.iter().map(|path| (*path).to_owned()).collect(),
        };
        for locale in [Locale::En, Locale::ZhCn] {
            let told = |failure: &Failure| text(locale, &failure.message());
            let shared = told(&of(&["JD/shop/a"], &["north/b"]));
            assert!(shared.contains("JD/shop/a") && shared.contains("north/b"), "{shared}");
            let elsewhere = told(&of(&[], &["north/b", "north/c"]));
            assert!(elsewhere.contains("north/b, north/c") && !elsewhere.contains("()"), "{elsewhere}");
        }
        let before = r#"{"kind":"belongs_above","unit":"north","accounts":["JD/shop/a"]}"#;
        let failure: Failure = serde_json::from_str(before).unwrap();
        assert_eq!((&failure, serde_json::to_string(&failure).unwrap().as_str()), (&of(&["JD/shop/a"], &[]), before));
        assert!(
            text(Locale::En, &failure.message())
                .starts_with("people of other units serve the same accounts (JD/shop/a)")
        );
    }

    #[test]
    fn a_failure_says_what_to_change_in_both_languages() {
        let failure = |part| Failure::NoRecords { period: Period::month_of(date(2026, 3, 1)), part };
        for (part, of_whom) in [(false, "of any account"), (true, "of its unit")] {
            let told = |locale| text(locale, &failure(part).message());
            let english = told(Locale::En);
            assert!(english.contains("import the records") && english.contains(of_whom), "{english}");
            assert!(told(Locale::ZhCn).contains("2026-03-31"), "{}", told(Locale::ZhCn));
        }
        let credited = Failure::NobodyCredited { records: 7, unemployed: None, elsewhere: Some(6) };
        for (locale, words) in [(Locale::En, "(6 of 7)"), (Locale::ZhCn, "7 条记录中有 6 条")] {
            let told = text(locale, &credited.message());
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn a_failure_that_was_stored_before_it_knew_of_employments_reads_back() {
        let failure: Failure = serde_json::from_str(r#"{"kind":"nobody_credited","records":3}"#).unwrap();
        assert_eq!(failure, Failure::NobodyCredited { records: 3, unemployed: None, elsewhere: None });
        let failure: Failure =
            serde_json::from_str(r#"{"kind":"no_records","period":["2026-03-01","2026-03-31"]}"#).unwrap();
        assert_eq!(failure, Failure::NoRecords { period: Period::month_of(date(2026, 3, 1)), part: false });
    }

    #[test]
    fn a_failure_that_was_stored_as_a_sentence_reads_back() {
        let stored = r#"{"kind":"refused","reason":"SCHEME_WITHOUT_DATA","message":"no indicator has any data"}"#;
        let failure: Failure = serde_json::from_str(stored).unwrap();
        assert_eq!(text(Locale::En, &failure.message()), "no indicator has any data");
        let now = Failure::Refused { reason: "NOBODY_TO_SCORE".to_owned(), message: msg!("NOBODY_TO_SCORE") };
        let json = serde_json::to_string(&now).unwrap();
        assert_eq!(serde_json::from_str::<Failure>(&json).unwrap(), now);
        assert!(text(Locale::ZhCn, &now.message()).contains("没有可评分的人员"), "{json}");
    }
}
