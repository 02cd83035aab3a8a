//! What a hold is, and whom it covers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_kernel::id::{HoldId, PersonId, PrincipalId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub id: HoldId,
    /// Whom it covers; nobody in particular means the whole group.
    pub person: Option<PersonId>,
    pub reason: String,
    pub set_by: PrincipalId,
    pub set_at: Timestamp,
    /// Who lifted it, when and why.
    pub lifted: Option<(PrincipalId, Timestamp, String)>,
}

/// Why a hold is not set or not lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldError {
    PersonUnknown(PersonId),
    /// No hold has this id.
    Unknown(HoldId),
    /// It was lifted before.
    LiftedAlready,
}

/// Whether one of these holds stands in the way of removing what tells of a person.
pub fn covers(holds: &[Hold], person: PersonId) -> bool {
    holds.iter().any(|hold| hold.lifted.is_none() && hold.person.is_none_or(|held| held == person))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_hold_covers_its_person_or_everybody_until_it_is_lifted() {
        let (one, other) = (PersonId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(2)));
        let by = PrincipalId(Uuid::nil());
        let hold = |person| Hold {
            id: HoldId(Uuid::nil()),
            person,
            reason: "case 7".to_owned(),
            set_by: by,
            set_at: Timestamp::UNIX_EPOCH,
            lifted: None,
        };
        let lifted = |hold: Hold| Hold { lifted: Some((by, Timestamp::UNIX_EPOCH, "settled".to_owned())), ..hold };
        assert!(!covers(&[], one));
        assert!(covers(&[hold(Some(one))], one));
        assert!(!covers(&[hold(Some(one))], other));
        assert!(covers(&[hold(Some(one)), hold(None)], other));
        assert!(!covers(&[lifted(hold(None)), lifted(hold(Some(one)))], one));
    }
}
