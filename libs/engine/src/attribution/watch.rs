//! Who is on duty on an account at an instant.

use super::{DutyRule, Occupancy};

/// A person who may have done a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Rank of the person.
    pub person: u32,
    /// Evidence of the duty row.
    pub evidence: Option<u32>,
}

/// Who is on duty on one account, as time passes.
pub(super) struct Watch {
    /// Rows not yet begun, the earliest last.
    coming: Vec<Occupancy>,
    /// Rows begun and not ended.
    present: Vec<Occupancy>,
    /// The whole team, for an account without any row.
    team: Vec<Candidate>,
    /// Whether the account has no duty evidence at all.
    bare: bool,
    /// The strongest rule that covers the present instant.
    pub rule: Option<DutyRule>,
    /// Those it covers, by rank.
    on_duty: Vec<Candidate>,
}

impl Watch {
    /// Rows in any order, people by rank; the team stands in where there are none.
    pub fn new(mut rows: Vec<Occupancy>, team: Vec<u32>) -> Self {
        rows.sort_by_key(|row| std::cmp::Reverse((row.from_ms, row.to_ms, row.person, row.rule, row.evidence)));
        let team = team.into_iter().map(|person| Candidate { person, evidence: None }).collect();
        let bare = rows.is_empty();
        Self { coming: rows, present: Vec::new(), team, bare, rule: None, on_duty: Vec::new() }
    }

    /// Moves on to an instant, never backwards.
    pub fn advance(&mut self, now: i64) {
        if self.bare {
            if self.rule.is_none() && !self.team.is_empty() {
                self.rule = Some(DutyRule::Team);
                self.on_duty.clone_from(&self.team);
            }
            return;
        }
        let before = self.present.len();
        self.present.retain(|row| row.to_ms > now);
        let mut changed = self.present.len() != before;
        while self.coming.last().is_some_and(|row| row.from_ms <= now) {
            if let Some(row) = self.coming.pop().filter(|row| row.to_ms > now) {
                self.present.push(row);
                changed = true;
            }
        }
        if changed {
            self.rule = self.present.iter().map(|row| row.rule).min();
            let strongest = self.present.iter().filter(|row| Some(row.rule) == self.rule);
            self.on_duty.clear();
            self.on_duty.extend(strongest.map(|row| Candidate { person: row.person, evidence: Some(row.evidence) }));
            self.on_duty.sort_by_key(|candidate| candidate.person);
            self.on_duty.dedup_by_key(|candidate| candidate.person);
        }
    }

    /// Those on duty, by rank.
    pub fn on_duty(&self) -> &[Candidate] {
        &self.on_duty
    }

    /// The person's place among those on duty.
    pub fn holder(&self, person: u32) -> Option<Candidate> {
        let place = self.on_duty.binary_search_by_key(&person, |candidate| candidate.person);
        place.ok().map(|place| self.on_duty[place])
    }
}
