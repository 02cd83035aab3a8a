//! Where a settlement stands: draft, approved by somebody else, posted by a third. Discarded is the other way out.

use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::four_eyes::Hands;

use super::SettlementError;

/// A settlement's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Stage {
    /// Prepared.
    Draft,
    /// Approved by somebody else than who prepared it.
    Approved,
    /// Posted: never changes again.
    Posted,
    /// Thrown away before it was posted.
    Discarded,
}

impl Stage {
    /// Approval, by other hands than those that prepared.
    ///
    /// # Errors
    /// [`SettlementError::FourEyes`], [`SettlementError::Posted`], [`SettlementError::NotDraft`].
    pub fn approve(self, prepared: Hands, approver: Hands) -> Result<Self, SettlementError> {
        self.must_be_draft()?;
        approver.differ_from([prepared])?;
        Ok(Self::Approved)
    }

    /// Posting, from approved only, by a third pair of hands.
    ///
    /// # Errors
    /// [`SettlementError::FourEyes`], [`SettlementError::Posted`], [`SettlementError::NotApproved`].
    pub fn post(self, prepared: Hands, approved: Option<Hands>, poster: Hands) -> Result<Self, SettlementError> {
        match self {
            Self::Approved => {
                // Where nobody knows who approved, nobody is somebody else.
                poster.differ_from([prepared, approved.unwrap_or(poster)])?;
                Ok(Self::Posted)
            }
            Self::Posted => Err(SettlementError::Posted),
            Self::Draft | Self::Discarded => Err(SettlementError::NotApproved(self)),
        }
    }

    /// Throwing away, before it is posted.
    ///
    /// # Errors
    /// [`SettlementError::Posted`], [`SettlementError::NotDraft`].
    pub fn discard(self) -> Result<Self, SettlementError> {
        match self {
            Self::Draft | Self::Approved => Ok(Self::Discarded),
            Self::Posted => Err(SettlementError::Posted),
            Self::Discarded => Err(SettlementError::NotDraft(self)),
        }
    }

    /// Whether the contents may still change: in a draft only, since approval is of what was seen.
    ///
    /// # Errors
    /// [`SettlementError::Posted`], [`SettlementError::NotDraft`].
    pub fn must_be_draft(self) -> Result<(), SettlementError> {
        match self {
            Self::Draft => Ok(()),
            Self::Posted => Err(SettlementError::Posted),
            Self::Approved | Self::Discarded => Err(SettlementError::NotDraft(self)),
        }
    }
}
