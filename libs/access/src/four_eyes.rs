//! Four eyes: what one prepares, somebody else approves. The rule, its refusal and its reason, for everything that takes
//! more than one.

use serde::{Deserialize, Serialize};
use tally_kernel::id::{PersonId, PrincipalId};
use tally_kernel::{Error, Kind, msg};

use crate::{OpContext, Permit, Rpc, Source};

/// Whose hands took a step: the account, the person behind it, and whoever delegated the right or had it done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hands {
    /// The account that did it.
    pub by: PrincipalId,
    /// The person behind the account; nothing for a login without one.
    pub person: Option<PersonId>,
    /// In whose name: who delegated the right, or for whom a service worked.
    pub delegated_by: Option<PrincipalId>,
}

impl Hands {
    /// Those of an account in its own name.
    pub const fn own(by: PrincipalId, person: Option<PersonId>) -> Self {
        Self { by, person, delegated_by: None }
    }

    /// Those that a permit puts to work.
    pub fn of<R: Rpc>(ctx: &OpContext, permit: &Permit<R>) -> Self {
        let delegated_by = match permit.source() {
            Source::Delegated(delegator) => Some(delegator),
            Source::Own | Source::BreakGlass(_) => ctx.actor.on_behalf_of,
        };
        Self { by: permit.principal(), person: ctx.actor.person(), delegated_by }
    }

    /// Whether these took no part in the steps before: neither the same account nor the same person, nobody who delegated a right
    /// for one of them, and nobody who acts with a right that was delegated by one who took part.
    ///
    /// # Errors
    /// [`FourEyesRequired`].
    pub fn differ_from(self, before: impl IntoIterator<Item = Self>) -> Result<(), FourEyesRequired> {
        if before.into_iter().any(|other| self.shares(other)) { Err(FourEyesRequired) } else { Ok(()) }
    }

    fn shares(self, other: Self) -> bool {
        let accounts = |hands: Self| [Some(hands.by), hands.delegated_by].into_iter().flatten();
        let account = accounts(self).any(|one| accounts(other).any(|another| one == another));
        account || (self.person.is_some() && self.person == other.person)
    }
}

/// The rule as a condition of a table that keeps both steps, each in the columns `STEP_by`, `STEP_person` and `STEP_for`, so
/// that the database refuses what code forgot.
pub fn constraint(step: &str, before: &str) -> String {
    let accounts = format!("({before}_by, COALESCE({before}_for, {before}_by))");
    format!(
        "{step}_by IS NULL OR ({step}_by NOT IN {accounts} AND COALESCE({step}_for, {step}_by) NOT IN {accounts} \
         AND ({step}_person IS NULL OR {before}_person IS NULL OR {step}_person <> {before}_person))"
    )
}

/// Somebody wants to approve, or to take a later step of, what he had a hand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("somebody else must take this step")]
pub struct FourEyesRequired;

/// Denied to whoever asks, and not a state that waiting or another call of the same caller could change.
impl From<FourEyesRequired> for Error {
    fn from(_: FourEyesRequired) -> Self {
        Self::of(Kind::PermissionDenied, msg!("FOUR_EYES_REQUIRED"))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn account(n: u128) -> PrincipalId {
        PrincipalId(Uuid::from_u128(n))
    }

    fn person(n: u128) -> Option<PersonId> {
        Some(PersonId(Uuid::from_u128(100 + n)))
    }

    #[test]
    fn one_pair_of_eyes_is_an_account_its_person_and_everybody_whose_right_is_at_work() {
        let own = |n| Hands::own(account(n), person(n));
        let delegated = |n, by| Hands { delegated_by: Some(account(by)), ..own(n) };
        let preparer = own(1);
        for (name, approver) in [
            ("the same person", preparer),
            ("a right that the preparer delegated", delegated(2, 1)),
            ("a right that a third delegated to the preparer", delegated(1, 3)),
            ("another account of the same person", Hands::own(account(9), person(1))),
        ] {
            assert_eq!(approver.differ_from([preparer]), Err(FourEyesRequired), "{name}");
            assert_eq!(preparer.differ_from([approver]), Err(FourEyesRequired), "{name}, the other way round");
        }
        assert_eq!(delegated(2, 3).differ_from([delegated(4, 3)]), Err(FourEyesRequired), "both with rights of one");
        assert_eq!(own(3).differ_from([own(1), delegated(2, 3)]), Err(FourEyesRequired), "of several steps any");
        assert_eq!(own(2).differ_from([preparer]), Ok(()), "really two people");
        assert_eq!(delegated(2, 3).differ_from([delegated(1, 4)]), Ok(()), "four people");
        let login = |n| Hands::own(account(n), None);
        assert_eq!(login(2).differ_from([login(1)]), Ok(()), "two logins of nobody known are not one person");
    }
}
