//! The numbers of attribution and their versions.

use jiff::civil::Time;
use serde::{Deserialize, Serialize};
use tally_kernel::contribution::Role;

/// Records of an account with several candidates that inference needs.
pub const MIN_AMBIGUOUS: u32 = 50;
/// Seconds within which one customer's records are one session.
pub const SESSION_WINDOW: u32 = 600;

/// The versions of attribution there are. Under each what was closed under it is computed for ever.
pub const VERSIONS: [&str; 3] = ["1", "2", NEWEST];
/// The version of a cycle that names none.
pub const NEWEST: &str = "3";

/// The numbers of attribution: a version and all that it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Name of this set of numbers.
    pub version: String,
    /// Minutes before and after a rostered shift that still count.
    pub grace_minutes: u32,
    /// Hours after which an unreleased hold or an unclosed punch ends.
    pub max_hours: u32,
    /// When a working day ends.
    pub cut_over: Time,
    /// Seconds within which records of one customer on one account are one session; 0 merges none.
    pub session_window_seconds: u32,
    /// On-duty people share equally.
    pub inference_off: bool,
    /// Records with several candidates that an account needs before anything is inferred.
    pub min_ambiguous: u32,
    /// How a record that names contributors is shared; without it they are kept and count for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
}

/// What each role of a shared record is worth, in parts of one record that sum to it. The part of a role that nobody held goes to the
/// others in proportion; several who held one role share its part equally.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Name of this rule.
    pub version: String,
    /// Millionths of a record for whoever answered first.
    pub first_answer: u32,
    /// For whoever closed the sale.
    pub closer: u32,
    /// For whoever served the customer after it.
    pub after_sales: u32,
}

impl Split {
    /// The part of a role, in millionths.
    pub fn part(&self, role: Role) -> u32 {
        match role {
            Role::FirstAnswer => self.first_answer,
            Role::Closer => self.closer,
            Role::AfterSales => self.after_sales,
        }
    }

    /// Whether the parts sum to exactly one record.
    pub fn is_whole(&self) -> bool {
        Role::ALL.into_iter().map(|role| u64::from(self.part(role))).sum::<u64>() == 1_000_000
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: NEWEST.to_owned(),
            grace_minutes: 15,
            max_hours: 16,
            cut_over: tally_kernel::time::CUT_OVER,
            session_window_seconds: SESSION_WINDOW,
            inference_off: false,
            min_ambiguous: MIN_AMBIGUOUS,
            split: None,
        }
    }
}

impl Policy {
    /// The number of the rules that the version stands for. Names other than those of [`VERSIONS`] are of cycles made when the
    /// rules of version 1 were the only ones, whatever they called their numbers.
    pub fn rules(&self) -> u32 {
        match self.version.as_str() {
            "2" => 2,
            NEWEST => 3,
            _ => 1,
        }
    }

    /// The number of the rules of duty.
    pub fn duty_rules(&self) -> u32 {
        self.rules()
    }
}
