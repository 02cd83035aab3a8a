//! A correction on file: drafted, then approved by other hands or thrown away.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::four_eyes::{FourEyesRequired, Hands};
use tally_access::{Moment, Owner, Target};
use tally_kernel::apportion::Carry;
use tally_kernel::error::{Error, Kind};
use tally_kernel::id::{CorrectionId, CycleId, SettlementId};
use tally_kernel::msg;

use super::{Corrected, Delta};
use crate::settlement::domain::{self as settlement, Beyond, Settlement, SettlementError, first};

/// Where a correction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Stage {
    /// Drafted.
    Draft,
    /// Approved by other hands: settlements take its deltas.
    Approved,
    /// Thrown away before it was approved.
    Withdrawn,
}

/// Whose hands took a step, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) by: Hands,
    pub(crate) at: Timestamp,
}

/// What a correction comes to, kept sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reckoned {
    /// Why.
    pub(crate) reason: String,
    /// The settlement as it stands by it; the next correction begins here.
    pub(crate) standing: Settlement,
    /// What the carry account of the owner moves by.
    pub(crate) carry: Carry<String>,
    /// What those who get more get more, in minor units.
    pub(crate) more_minor: i64,
    /// What those who get less get less, in minor units; not negative.
    pub(crate) less_minor: i64,
}

impl Reckoned {
    /// Sums up what was put right.
    ///
    /// # Errors
    /// [`CorrectionError::Nothing`]; [`SettlementError::TooLarge`].
    pub(crate) fn of(corrected: Corrected, reason: String) -> Result<(Self, Vec<Delta>), CorrectionError> {
        let Corrected { standing, deltas, carry } = corrected;
        if deltas.is_empty() && carry == Carry::default() {
            return Err(CorrectionError::Nothing);
        }
        let (mut more_minor, mut less_minor) = (0_i64, 0_i64);
        for delta in &deltas {
            let difference = delta.difference()?;
            let sum = if difference > 0 { &mut more_minor } else { &mut less_minor };
            let added = difference.checked_abs().and_then(|difference| sum.checked_add(difference));
            *sum = added.ok_or(SettlementError::TooLarge(Beyond::Pool))?;
        }
        Ok((Self { reason, standing, carry, more_minor, less_minor }, deltas))
    }
}

/// A correction on file. Everybody's difference is a delta of its own.
#[derive(Clone, Debug)]
pub(crate) struct Filed {
    pub(crate) id: CorrectionId,
    /// The settlement that is put right.
    pub(crate) settlement: SettlementId,
    /// Whose that is.
    pub(crate) owner: Owner,
    pub(crate) cycle: CycleId,
    /// The last day of that; nothing of a correction from before days were kept.
    pub(crate) last_day: Option<Date>,
    /// Which correction of the settlement, from 1.
    pub(crate) number: u32,
    /// The version of the cycle's cards; 0 where none says one.
    pub(crate) cards_version: u32,
    pub(crate) stage: Stage,
    pub(crate) reckoned: Reckoned,
    /// People with a delta.
    pub(crate) people: u32,
    /// Digest of the settlement, the correction before and the scores, hex.
    pub(crate) inputs_digest: String,
    pub(crate) drafted: Taken,
    pub(crate) approved: Option<Taken>,
    pub(crate) withdrawn: Option<Taken>,
}

impl Filed {
    /// What a call about it is decided on: whose it is, where that hung on the last day of its cycle.
    pub(crate) fn target(&self) -> Target {
        Target { moment: self.last_day.map(Moment::Day), ..self.owner.target() }
    }

    /// Approved by these hands, which drafted it not.
    ///
    /// # Errors
    /// [`CorrectionError::FourEyes`], [`CorrectionError::NotDraft`].
    pub(crate) fn approve(self, by: Taken) -> Result<Self, CorrectionError> {
        self.must_be_draft()?;
        by.by.differ_from([self.drafted.by])?;
        Ok(Self { stage: Stage::Approved, approved: Some(by), ..self })
    }

    /// Thrown away.
    ///
    /// # Errors
    /// [`CorrectionError::NotDraft`].
    pub(crate) fn withdraw(self, by: Taken) -> Result<Self, CorrectionError> {
        self.must_be_draft()?;
        Ok(Self { stage: Stage::Withdrawn, withdrawn: Some(by), ..self })
    }

    fn must_be_draft(&self) -> Result<(), CorrectionError> {
        if self.stage == Stage::Draft { Ok(()) } else { Err(CorrectionError::NotDraft(self.stage)) }
    }
}

/// What makes a correction impossible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CorrectionError {
    /// The settlement is not posted: it may be discarded and drafted again.
    NotPosted(settlement::Stage),
    /// Another correction of the settlement is drafted.
    Waits(CorrectionId),
    /// Nobody gets another amount.
    Nothing,
    /// Statements of before this day are kept no more.
    Purged(Date),
    /// Not a draft any more.
    NotDraft(Stage),
    /// Who drafted it wants to approve it.
    FourEyes(FourEyesRequired),
    /// As in settling.
    Settling(SettlementError),
}

impl From<FourEyesRequired> for CorrectionError {
    fn from(refusal: FourEyesRequired) -> Self {
        Self::FourEyes(refusal)
    }
}

impl From<SettlementError> for CorrectionError {
    fn from(refusal: SettlementError) -> Self {
        Self::Settling(refusal)
    }
}

impl From<CorrectionError> for Error {
    fn from(e: CorrectionError) -> Self {
        let message = match e {
            CorrectionError::FourEyes(refusal) => return refusal.into(),
            // Its cycle is published: it is not closed again.
            CorrectionError::Settling(SettlementError::Outside(people)) => {
                msg!("PAY_OUTSIDE_UNIT.correction", count = people.len(), people = first(&people))
            }
            CorrectionError::Settling(refusal) => return refusal.into(),
            CorrectionError::NotPosted(stage) => msg!("SETTLEMENT_NOT_POSTED", stage),
            CorrectionError::Waits(correction) => msg!("PAY_CORRECTION_WAITS", correction),
            CorrectionError::Nothing => msg!("NOTHING_TO_CORRECT"),
            CorrectionError::Purged(day) => msg!("PERIOD_PURGED", day),
            CorrectionError::NotDraft(stage) => msg!("PAY_CORRECTION_NOT_DRAFT", stage),
        };
        Self::of(Kind::FailedPrecondition, message)
    }
}
