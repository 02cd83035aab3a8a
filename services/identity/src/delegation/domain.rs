//! What may be delegated to whom, and for how long.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tally_access::{NOT_DELEGABLE, Permission, conflict};
use tally_kernel::id::{DelegationId, PrincipalId};

/// The longest a delegation lasts: a parental leave is a matter of grants.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Rights that one principal delegates to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    pub id: DelegationId,
    pub delegator: PrincipalId,
    /// Who gets.
    pub delegate: PrincipalId,
    /// Names of what is delegated.
    pub permissions: Vec<String>,
    pub from: Timestamp,
    pub until: Timestamp,
    pub reason: String,
    /// When it was ended before its time.
    pub ended_at: Option<Timestamp>,
}

impl Delegation {
    /// What is delegated, as far as this program knows it.
    pub fn permissions(&self) -> impl Iterator<Item = Permission> {
        self.permissions.iter().filter_map(|name| name.parse().ok())
    }
}

/// What can be wrong with a delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DelegationError {
    /// Nothing is delegated.
    Nothing,
    /// It ends before it begins, or has ended already.
    TimeBackwards,
    /// It lasts too long.
    TooLong,
    ToOneself,
    /// Nobody delegates this.
    NotDelegable(Permission),
    /// The delegator does not hold it by a grant of his own.
    NotHeld(Permission),
    /// The delegate would hold both.
    DutiesSeparated(Permission, Permission),
    /// The delegate is a service, or not there.
    PrincipalUnknown(PrincipalId),
    /// No such delegation, or none of the caller's.
    Unknown(DelegationId),
    EndedAlready,
}

/// What a delegation is judged by.
pub struct Judged<'a> {
    pub now: Timestamp,
    /// Whether the delegator holds it by a grant of his own, anywhere.
    pub owns: &'a dyn Fn(Permission) -> bool,
    /// All that the delegate holds: by grants that run or begin some day, and by other delegations.
    pub held: &'a [Permission],
}

/// Judges a new delegation.
///
/// # Errors
/// See [`DelegationError`].
pub fn judge(wanted: &Delegation, by: &Judged<'_>) -> Result<(), DelegationError> {
    if wanted.permissions.is_empty() {
        return Err(DelegationError::Nothing);
    }
    if wanted.until <= wanted.from || wanted.until <= by.now {
        return Err(DelegationError::TimeBackwards);
    }
    if wanted.until.duration_since(wanted.from) > LONGEST {
        return Err(DelegationError::TooLong);
    }
    if wanted.delegate == wanted.delegator {
        return Err(DelegationError::ToOneself);
    }
    for permission in wanted.permissions() {
        if NOT_DELEGABLE.contains(&permission) {
            return Err(DelegationError::NotDelegable(permission));
        }
        if !(by.owns)(permission) {
            return Err(DelegationError::NotHeld(permission));
        }
    }
    match conflict(wanted.permissions().chain(by.held.iter().copied())) {
        Some((a, b)) => Err(DelegationError::DutiesSeparated(a, b)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_772_452_800, 0);

    fn wanted() -> Delegation {
        Delegation {
            id: DelegationId(Uuid::from_u128(1)),
            delegator: PrincipalId(Uuid::from_u128(2)),
            delegate: PrincipalId(Uuid::from_u128(3)),
            permissions: vec![Permission::SettlementApprove.name().into()],
            from: NOW,
            until: NOW + SignedDuration::from_hours(24),
            reason: "holiday".into(),
            ended_at: None,
        }
    }

    fn judged(wanted: &Delegation, owns: &[Permission], held: &[Permission]) -> Result<(), DelegationError> {
        judge(wanted, &Judged { now: NOW, owns: &|permission| owns.contains(&permission), held })
    }

    #[test]
    fn what_one_holds_is_lent_and_nothing_else() {
        let approve = Permission::SettlementApprove;
        assert_eq!(judged(&wanted(), &[approve], &[]), Ok(()));
        assert_eq!(judged(&wanted(), &[], &[]), Err(DelegationError::NotHeld(approve)));
        let rights = Delegation { permissions: vec!["identity.grant.write".into()], ..wanted() };
        assert_eq!(
            judged(&rights, &[Permission::GrantWrite], &[]),
            Err(DelegationError::NotDelegable(Permission::GrantWrite))
        );
        let nothing = Delegation { permissions: Vec::new(), ..wanted() };
        assert_eq!(judged(&nothing, &[approve], &[]), Err(DelegationError::Nothing));
    }

    #[test]
    fn a_loan_never_joins_separated_duties() {
        let (prepare, approve) = (Permission::SettlementPrepare, Permission::SettlementApprove);
        assert_eq!(judged(&wanted(), &[approve], &[prepare]), Err(DelegationError::DutiesSeparated(prepare, approve)));
    }

    #[test]
    fn it_goes_to_somebody_else_for_some_time_and_at_most_ninety_days() {
        let own = [Permission::SettlementApprove];
        let with = |from: i64, until: i64| {
            let at = |hours| NOW + SignedDuration::from_hours(hours);
            judged(&Delegation { from: at(from), until: at(until), ..wanted() }, &own, &[])
        };
        assert_eq!(with(5, 5), Err(DelegationError::TimeBackwards));
        assert_eq!(with(-48, -24), Err(DelegationError::TimeBackwards));
        assert_eq!(with(-1, 1), Ok(()));
        assert_eq!(with(0, 90 * 24), Ok(()));
        assert_eq!(with(0, 90 * 24 + 1), Err(DelegationError::TooLong));
        let oneself = Delegation { delegate: wanted().delegator, ..wanted() };
        assert_eq!(judged(&oneself, &own, &[]), Err(DelegationError::ToOneself));
    }
}
