//! How long which kind of data is kept: the defaults, the bounds that a group may choose within, and why.

use tally_kernel::{Message, msg};

/// How long one kind of data is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable name, `service.kind`.
    pub name: &'static str,
    /// Months where the group says nothing.
    pub months: u32,
    /// The fewest months a group may set: what the law demands.
    pub least: u32,
    /// The most months a group may set.
    pub most: u32,
    /// From when on the months count.
    pub counted_from: Message,
    /// Why it is kept.
    pub reason: Message,
}

/// Who a person is: not before this time after the end of the last employment is anybody erased.
pub const PERSON: &str = "identity.person";
/// The kept results of requests, in every service.
pub const REQUESTS: &str = "suite.requests";

/// The whole schedule, by name. The laws named are those of the People's Republic of China; a group elsewhere sets longer
/// times where its law wants them.
pub static SCHEDULE: [Kind; 9] = [
    Kind {
        name: "attendance.aliases",
        months: 24,
        least: 24,
        most: 120,
        counted_from: msg!("KEPT_FROM_ALIASES"),
        reason: msg!("KEPT_BECAUSE_ALIASES"),
    },
    Kind {
        name: "attendance.duty",
        months: 24,
        least: 24,
        most: 120,
        counted_from: msg!("KEPT_FROM_DUTY"),
        reason: msg!("KEPT_BECAUSE_DUTY"),
    },
    Kind {
        name: "compensation.pay",
        months: 120,
        least: 60,
        most: 600,
        counted_from: msg!("KEPT_FROM_PAY"),
        reason: msg!("KEPT_BECAUSE_PAY"),
    },
    Kind {
        name: PERSON,
        months: 24,
        least: 24,
        most: 360,
        counted_from: msg!("KEPT_FROM_PERSON"),
        reason: msg!("KEPT_BECAUSE_PERSON"),
    },
    Kind {
        name: "identity.sessions",
        months: 12,
        least: 6,
        most: 60,
        counted_from: msg!("KEPT_FROM_SESSIONS"),
        reason: msg!("KEPT_BECAUSE_SESSIONS"),
    },
    Kind {
        name: "performance.records",
        months: 36,
        least: 24,
        most: 120,
        counted_from: msg!("KEPT_FROM_RECORDS"),
        reason: msg!("KEPT_BECAUSE_RECORDS"),
    },
    Kind {
        name: "performance.results",
        months: 60,
        least: 24,
        most: 120,
        counted_from: msg!("KEPT_FROM_RESULTS"),
        reason: msg!("KEPT_BECAUSE_RESULTS"),
    },
    Kind {
        name: REQUESTS,
        months: 1,
        least: 1,
        most: 12,
        counted_from: msg!("KEPT_FROM_REQUESTS"),
        reason: msg!("KEPT_BECAUSE_REQUESTS"),
    },
    Kind {
        name: "talent.evidence",
        months: 36,
        least: 0,
        most: 120,
        counted_from: msg!("KEPT_FROM_EVIDENCE"),
        reason: msg!("KEPT_BECAUSE_EVIDENCE"),
    },
];

/// A kind by its name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    SCHEDULE.iter().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_a_default_within_its_bounds() {
        assert!(SCHEDULE.windows(2).all(|pair| pair[0].name < pair[1].name), "by name, each once");
        for &Kind { name, months, least, most, .. } in &SCHEDULE {
            assert!(least <= months && months <= most, "{name}");
        }
    }
}
