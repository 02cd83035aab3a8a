//! How facts stand, as lists tell it.

use tally_api::attendance::v1 as pb;

use crate::placed::{Standing, Stored, Superseded};

/// Facts with how each stands: all, or those that count.
pub(crate) fn told<T, M: From<Stored<T>>>(found: Vec<Stored<T>>, counting_only: bool) -> Vec<M> {
    found.into_iter().filter(|fact| !counting_only || fact.counts()).map(M::from).collect()
}

/// That of a fact that was just recorded.
pub(crate) fn recorded() -> pb::Standing {
    Standing::default().into()
}

impl From<Standing> for pb::Standing {
    fn from(Standing { correction, superseded }: Standing) -> Self {
        let state = match superseded {
            None => pb::FactState::Counts,
            Some(Superseded { moved: true, .. }) => pb::FactState::Moved,
            Some(Superseded { moved: false, .. }) => pb::FactState::Voided,
        };
        Self {
            state: state.into(),
            correction_id: correction.map(|id| id.to_string()).unwrap_or_default(),
            superseded_by: superseded.map(|superseded| superseded.by.to_string()).unwrap_or_default(),
        }
    }
}
