//! How long which kind of data is kept: the defaults, the bounds that a group may choose within, and why.

/// How long one kind of data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    pub counted_from: &'static str,
    /// Why it is kept.
    pub reason: &'static str,
}

/// Who a person is: not before this time after the end of the last employment is anybody erased.
pub const PERSON: &str = "identity.person";
/// The kept results of requests, in every service.
pub const REQUESTS: &str = "suite.requests";

/// The whole schedule, by name. The laws named are those of the People's Republic of China; a group elsewhere sets longer
/// times where its law wants them.
pub const SCHEDULE: [Kind; 9] = [
    Kind {
        name: "attendance.aliases",
        months: 24,
        least: 24,
        most: 120,
        counted_from: "the last day of the alias",
        reason: "which records a person is credited with must be provable while pay can be disputed",
    },
    Kind {
        name: "attendance.duty",
        months: 24,
        least: 24,
        most: 120,
        counted_from: "the time of the punch or the hand-over, the end of the shift",
        reason: "wage records and what they rest on: two years (Interim Provisions on Payment of Wages)",
    },
    Kind {
        name: "compensation.pay",
        months: 120,
        least: 60,
        most: 600,
        counted_from: "the day the statement was written",
        reason: "papers for withholding income tax: five years; wage records: two years",
    },
    Kind {
        name: PERSON,
        months: 24,
        least: 24,
        most: 360,
        counted_from: "the end of the last employment",
        reason: "ended employment contracts: two years (Labour Contract Law)",
    },
    Kind {
        name: "identity.sessions",
        months: 12,
        least: 6,
        most: 60,
        counted_from: "the day the session was over at the latest",
        reason: "logs of who used the network: six months (Cybersecurity Law)",
    },
    Kind {
        name: "performance.records",
        months: 36,
        least: 24,
        most: 120,
        counted_from: "the start of the record",
        reason: "the records that pay rests on, while it can be disputed",
    },
    Kind {
        name: "performance.results",
        months: 60,
        least: 24,
        most: 120,
        counted_from: "the day the result was written; of a credit, the start of its record",
        reason: "scores that pay rests on: as long as papers for withholding income tax",
    },
    Kind {
        name: REQUESTS,
        months: 1,
        least: 1,
        most: 12,
        counted_from: "the request",
        reason: "a request that is sent again gets its first answer; nothing asks for more",
    },
    Kind {
        name: "talent.evidence",
        months: 36,
        least: 0,
        most: 120,
        counted_from: "the day the evidence was written",
        reason: "what a profile sums up; no law asks for it",
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
        for Kind { name, months, least, most, counted_from, reason } in SCHEDULE {
            assert!(least <= months && months <= most, "{name}");
            assert!(!counted_from.is_empty() && !reason.is_empty(), "{name}");
        }
    }
}
