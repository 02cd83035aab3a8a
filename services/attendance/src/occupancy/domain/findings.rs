//! What a person should look at; nothing is lost because of it.

use jiff::Timestamp;
use tally_kernel::Message;

/// What was odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// No roster, punch or hand-over speaks for an account.
    NoDutyEvidence,
    /// There is evidence about an account, and still nobody was on duty in the whole period.
    UnheldAccount,
    /// Several people held an exclusive account at once, or somebody took one that another had not released.
    Overlap,
    /// A take without its release.
    MissingRelease,
    /// A release by somebody who did not hold the account.
    ReleaseWithoutTake,
    /// A second `in`.
    DoubleIn,
    /// An `in` without its `out`, or the other way round.
    MissingPunch,
    /// Somebody punched on the working day of a shift, and no pair of punches covers any of it.
    UncoveredShift,
}

impl FindingKind {
    /// UPPER_SNAKE.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoDutyEvidence => "NO_DUTY_EVIDENCE",
            Self::UnheldAccount => "UNHELD_ACCOUNT",
            Self::Overlap => "OVERLAP",
            Self::MissingRelease => "MISSING_RELEASE",
            Self::ReleaseWithoutTake => "RELEASE_WITHOUT_TAKE",
            Self::DoubleIn => "DOUBLE_IN",
            Self::MissingPunch => "MISSING_PUNCH",
            Self::UncoveredShift => "UNCOVERED_SHIFT",
        }
    }
}

/// One finding; sorts by instant (those about the whole period first), kind and subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// When, or nothing when it is about the whole period.
    pub at: Option<Timestamp>,
    /// What.
    pub kind: FindingKind,
    /// An account's key or an employee number.
    pub subject: String,
    /// One sentence: what was seen and what was made of it. Its arguments are texts: other services keep them.
    pub detail: Message,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, subject: &str, at: Option<Timestamp>, detail: Message) -> Self {
        Self { at, kind, subject: subject.to_owned(), detail }
    }
}
