//! What a claim is, and which claims of an import are new. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tally_access::Target;
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::import::{ImportOutcome, Keyed, Problem, reconcile, refuse};
use tally_kernel::{Error, Message, Result, msg};

use crate::record::domain::Source;

/// Somebody's word that a dialogue is theirs: the record that is named, that of the customer who is, or the next one on the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub account: AccountId,
    pub person: PersonId,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Empty where no record is named.
    pub external_id: String,
    /// Empty where no customer is named.
    pub customer: String,
}

impl Claim {
    /// When it was made.
    ///
    /// # Errors
    /// A time at the end of time.
    pub fn at(&self) -> Result<Timestamp> {
        Timestamp::from_millisecond(self.at_ms).map_err(Error::internal)
    }

    /// A digest of all that it says.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = blake3::Hasher::new();
        hash.update(self.account.0.as_bytes()).update(self.person.0.as_bytes()).update(&self.at_ms.to_le_bytes());
        hash.update(&(self.external_id.len() as u64).to_le_bytes()).update(self.external_id.as_bytes());
        hash.update(self.customer.as_bytes());
        *hash.finalize().as_bytes()
    }
}

/// A claim with the place of its account when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub claim: Claim,
    pub of: Source,
}

impl Placed {
    /// What a permit is asked for.
    ///
    /// # Errors
    /// A time at the end of time.
    pub fn target(&self) -> Result<Target> {
        let (region, unit, person) = (Some(self.of.region.clone()), self.of.unit, Some(self.claim.person));
        Ok(Target { region, unit, person, moment: None }.at(self.claim.at()?))
    }
}

impl Keyed for Placed {
    type Key = [u8; 32];
    type Content = ();
    fn key(&self) -> Self::Key {
        self.claim.digest()
    }
    fn content(&self) {}
    fn conflict(&self, (): &()) -> (&'static str, Message) {
        ("CLAIM_WITHDRAWN", Message::default())
    }
}

/// The claims that are there, by their digests; why, of those that were withdrawn.
pub type There = BTreeMap<[u8; 32], Option<String>>;

/// The claims that are new. One that was withdrawn is refused: a feed that is sent again brings it not back.
///
/// # Errors
/// A time at the end of time.
pub fn fresh(rows: Vec<(u32, Placed)>, there: &There, outcome: &mut ImportOutcome) -> Result<Vec<Placed>> {
    let kept = refuse(rows, outcome, |index, row: &Placed| {
        let Some(Some(why)) = there.get(&row.key()) else { return Ok(None) };
        let message = msg!("CLAIM_WITHDRAWN", at = row.claim.at()?, why);
        Ok(Some(Problem::new(index, "CLAIM_WITHDRAWN", message)))
    })?;
    let counting = there.iter().filter(|(_, why)| why.is_none()).map(|(key, _)| (*key, ()));
    Ok(reconcile(kept, counting, outcome).into_iter().map(|(_, row)| row).collect())
}

#[cfg(test)]
mod tests {
    use tally_access::Region;
    use uuid::Uuid;

    use super::*;

    fn placed(at_ms: i64, external_id: &str, customer: &str) -> Placed {
        let account = AccountId(Uuid::from_u128(1));
        let claim = Claim {
            account,
            person: PersonId(Uuid::from_u128(2)),
            at_ms,
            external_id: external_id.to_owned(),
            customer: customer.to_owned(),
        };
        Placed { claim, of: Source { account, region: Region::global(), unit: None } }
    }

    #[test]
    fn claims_that_are_there_are_left_alone_and_those_that_were_withdrawn_stay_so() {
        let there = There::from([(placed(1, "a", "").key(), None), (placed(2, "a", "").key(), Some("a slip".into()))]);
        let rows = [placed(1, "a", ""), placed(2, "a", ""), placed(3, "", ""), placed(3, "", "")];
        let mut outcome = ImportOutcome::default();
        let new = fresh((0..).zip(rows).collect(), &there, &mut outcome).unwrap();
        assert_eq!(new, [placed(3, "", "")]);
        assert_eq!((outcome.written, outcome.unchanged), (1, 2));
        let [problem] = &outcome.problems[..] else { panic!("one row: {outcome:?}") };
        assert_eq!((problem.index, problem.reason.as_str()), (1, "CLAIM_WITHDRAWN"));
        let told = tally_i18n::text(tally_kernel::Locale::En, &problem.message);
        assert!(told.contains("1970-01-01T00:00:00.002Z") && told.contains("a slip"), "{told}");
    }

    #[test]
    fn whatever_a_claim_says_tells_it_apart() {
        let all = [placed(1, "", ""), placed(2, "", ""), placed(1, "a", ""), placed(1, "", "a"), placed(1, "ab", "")];
        let keys: std::collections::BTreeSet<_> = all.iter().map(Keyed::key).collect();
        assert_eq!(keys.len(), all.len());
    }
}
