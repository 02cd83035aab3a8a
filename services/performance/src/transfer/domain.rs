//! A transfer over the border of a region: who may bring it from one stage to the next, and what its file says. Pure.

pub mod cells;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::Region;
use tally_access::four_eyes::{FourEyesRequired, Hands};
use tally_kernel::Micro;
use tally_kernel::id::{OrgUnitId, TenantId, TransferId};
use tally_kernel::time::Period;
use uuid::Uuid;

use self::cells::Cell;
use crate::signed::domain::Told;

/// What a file begins with, and what its signature is for.
pub const FORMAT: &str = "tally transfer 1";

/// Where a transfer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Stage {
    /// Waits for somebody else's approval.
    Prepared,
    /// May be released.
    Approved,
    /// Its file was given out.
    Released,
    /// Taken back by whoever may prepare it.
    Withdrawn,
    /// Refused by whoever may approve it.
    Rejected,
}

/// What a transfer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// Cells of a month.
    Report,
    /// Pseudonyms of the region.
    Directory,
}

/// Who did a step, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub by: Hands,
    pub at: Timestamp,
}

/// An entry of the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    pub id: TransferId,
    pub kind: Kind,
    /// The region that it leaves.
    pub from: Region,
    /// The region that it is for.
    pub to: Region,
    pub purpose: String,
    /// What law allows it by.
    pub legal_basis: String,
    /// Month of a report, `YYYY-MM`; empty for a directory.
    pub month: String,
    /// Cells or pseudonyms.
    pub items: u32,
    pub stage: Stage,
    pub prepared: Taken,
    pub approved: Option<Taken>,
    /// Who released it first.
    pub released: Option<Taken>,
    /// Who withdrew or rejected it, and why.
    pub dropped: Option<(Taken, String)>,
}

/// What can be wrong with a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferError {
    /// Out of a region into itself.
    SameRegion(Region),
    /// A region that the group does not have.
    RegionUnknown(Region),
    /// A cycle of something else than one month.
    NotAMonth(Period),
    /// A cycle that is not published.
    NotPublished,
    /// No cell may leave.
    NothingToTell,
    /// A number beyond what is computed with.
    TooLarge(OrgUnitId),
    /// No such transfer, or none that the caller reaches.
    Unknown(TransferId),
    /// Not prepared any more.
    NotPrepared(Stage),
    /// Who prepared it wants to approve it.
    FourEyes(FourEyesRequired),
    NotApproved,
    /// Withdrawn or rejected.
    Dropped(Stage),
    /// Released: what was told cannot be taken back.
    Released,
    /// Other transfers were released since it was prepared.
    Stale,
    /// A file for another region.
    NotForHere(Region),
    ImportedAlready,
}

impl From<FourEyesRequired> for TransferError {
    fn from(refusal: FourEyesRequired) -> Self {
        Self::FourEyes(refusal)
    }
}

impl Transfer {
    /// The transfer, approved by other hands than those that prepared it.
    ///
    /// # Errors
    /// [`TransferError::NotPrepared`], [`TransferError::FourEyes`].
    pub fn approve(self, by: Taken) -> Result<Self, TransferError> {
        if self.stage != Stage::Prepared {
            return Err(TransferError::NotPrepared(self.stage));
        }
        by.by.differ_from([self.prepared.by])?;
        Ok(Self { stage: Stage::Approved, approved: Some(by), ..self })
    }

    /// The transfer, released; as it was where it is already.
    ///
    /// # Errors
    /// [`TransferError::NotApproved`].
    pub fn release(self, by: Taken) -> Result<Self, TransferError> {
        match self.stage {
            Stage::Prepared => Err(TransferError::NotApproved),
            Stage::Approved => Ok(Self { stage: Stage::Released, released: Some(by), ..self }),
            Stage::Released => Ok(self),
            Stage::Withdrawn | Stage::Rejected => Err(TransferError::Dropped(self.stage)),
        }
    }

    /// The transfer, ended before anything left: `how` is [`Stage::Withdrawn`] or [`Stage::Rejected`].
    ///
    /// # Errors
    /// [`TransferError::Released`], [`TransferError::Dropped`].
    pub fn drop(self, how: Stage, by: Taken, reason: String) -> Result<Self, TransferError> {
        match self.stage {
            Stage::Prepared | Stage::Approved => Ok(Self { stage: how, dropped: Some((by, reason)), ..self }),
            Stage::Released => Err(TransferError::Released),
            Stage::Withdrawn | Stage::Rejected => Err(TransferError::Dropped(self.stage)),
        }
    }
}

/// The month that a period is, `YYYY-MM`.
///
/// # Errors
/// [`TransferError::NotAMonth`].
pub fn month_of(period: Period) -> Result<String, TransferError> {
    if Period::month_of(period.from()) == period {
        Ok(period.from().strftime("%Y-%m").to_string())
    } else {
        Err(TransferError::NotAMonth(period))
    }
}

/// What a file tells. Nobody's name, id or number is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub format: String,
    pub transfer: TransferId,
    pub tenant: TenantId,
    /// The region that tells.
    pub from: Region,
    /// The region that is told.
    pub to: Region,
    /// When it was released first.
    pub released_at: Timestamp,
    pub content: Content,
}

impl Told for Statement {
    const FORMAT: &'static str = FORMAT;

    fn format(&self) -> &str {
        &self.format
    }
    fn from(&self) -> &Region {
        &self.from
    }
    fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Cells of a month.
    Report {
        /// `YYYY-MM`.
        month: String,
        /// By unit.
        cells: Vec<ToldCell>,
    },
    Directory(Vec<Entry>),
}

impl Content {
    /// Cells or pseudonyms.
    pub fn items(&self) -> usize {
        match self {
            Self::Report { cells, .. } => cells.len(),
            Self::Directory(entries) => entries.len(),
        }
    }
}

/// A cell as it leaves: without its members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldCell {
    pub unit: OrgUnitId,
    /// Its parent; nothing for the group itself.
    pub parent: Option<OrgUnitId>,
    /// Name of a branch or the group.
    pub name: String,
    pub people: u32,
    /// Credited millionths of records.
    pub credited_ppm: u64,
    pub mean_score: Micro,
}

impl From<&Cell> for ToldCell {
    fn from(cell: &Cell) -> Self {
        Self {
            unit: cell.unit,
            parent: cell.parent,
            name: cell.name.clone(),
            people: u32::try_from(cell.members.len()).unwrap_or(u32::MAX),
            credited_ppm: cell.credited_ppm,
            mean_score: cell.mean_score,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// A random id.
    pub pseudonym: Uuid,
    /// Whether whoever it stands for is employed in the region.
    pub active: bool,
}

#[cfg(test)]
mod tests {
    use tally_kernel::id::PrincipalId;

    use super::*;
    use crate::signed::domain::{self as signed, FileError};

    fn hands(by: u128, delegated_by: Option<u128>) -> Taken {
        let of = |n| PrincipalId(Uuid::from_u128(n));
        let by = Hands { delegated_by: delegated_by.map(of), ..Hands::own(of(by), None) };
        Taken { by, at: Timestamp::UNIX_EPOCH }
    }

    fn prepared() -> Transfer {
        Transfer {
            id: TransferId(Uuid::from_u128(1)),
            kind: Kind::Report,
            from: "cn-north".parse().unwrap(),
            to: "eu-west".parse().unwrap(),
            purpose: "comparison".into(),
            legal_basis: "contract".into(),
            month: "2026-03".into(),
            items: 1,
            stage: Stage::Prepared,
            prepared: hands(7, Some(8)),
            approved: None,
            released: None,
            dropped: None,
        }
    }

    #[test]
    fn two_people_prepare_and_approve_and_who_lends_a_right_counts() {
        for (by, delegated_by) in [(7, None), (8, None), (9, Some(7)), (9, Some(8))] {
            assert_eq!(
                prepared().approve(hands(by, delegated_by)),
                Err(TransferError::FourEyes(FourEyesRequired)),
                "{by} {delegated_by:?}"
            );
        }
        let approved = prepared().approve(hands(9, None)).unwrap();
        assert_eq!(approved.clone().approve(hands(10, None)), Err(TransferError::NotPrepared(Stage::Approved)));
        assert_eq!(prepared().release(hands(7, None)), Err(TransferError::NotApproved));
        let released = approved.release(hands(7, None)).unwrap();
        assert_eq!(released.clone().release(hands(9, None)), Ok(released), "the first release is the one on file");
    }

    #[test]
    fn the_stored_words_of_transfers_are_these() {
        tally_testkit::words([
            (Stage::Prepared, "prepared"),
            (Stage::Approved, "approved"),
            (Stage::Released, "released"),
            (Stage::Withdrawn, "withdrawn"),
            (Stage::Rejected, "rejected"),
        ]);
        tally_testkit::words([(Kind::Report, "report"), (Kind::Directory, "directory")]);
        use cells::Withheld::{Complement, Earlier, Remainder, Rerelease, TooFew};
        let withheld = [TooFew, Complement, Rerelease, Remainder, Earlier].map(|why| why.to_string());
        assert_eq!(withheld, ["TOO_FEW", "COMPLEMENT", "RERELEASE", "REMAINDER", "EARLIER"]);
    }

    #[test]
    fn what_was_not_released_can_be_dropped_and_goes_nowhere_then() {
        let approved = || prepared().approve(hands(9, None)).unwrap();
        for (before, how) in [(prepared(), Stage::Withdrawn), (approved(), Stage::Rejected)] {
            let over = before.drop(how, hands(7, None), "a mistake".into()).unwrap();
            assert_eq!(over.stage, how);
            assert_eq!(over.clone().release(hands(7, None)), Err(TransferError::Dropped(how)));
            assert_eq!(over.clone().approve(hands(9, None)), Err(TransferError::NotPrepared(how)));
            assert_eq!(over.drop(how, hands(7, None), "again".into()), Err(TransferError::Dropped(how)));
        }
        let released = approved().release(hands(7, None)).unwrap();
        assert_eq!(released.drop(Stage::Withdrawn, hands(7, None), "late".into()), Err(TransferError::Released));
    }

    #[test]
    fn a_report_is_of_one_whole_month() {
        let period = |from: &str, to: &str| Period::new(from.parse().unwrap(), to.parse().unwrap()).unwrap();
        assert_eq!(month_of(period("2026-02-01", "2026-02-28")).as_deref(), Ok("2026-02"));
        for (from, to) in [("2026-02-01", "2026-02-27"), ("2026-02-02", "2026-02-28"), ("2026-02-01", "2026-03-31")] {
            assert_eq!(month_of(period(from, to)), Err(TransferError::NotAMonth(period(from, to))));
        }
    }

    #[test]
    fn a_file_is_two_lines_of_this_format() {
        let statement = Statement {
            format: FORMAT.into(),
            transfer: TransferId(Uuid::from_u128(1)),
            tenant: TenantId(Uuid::from_u128(2)),
            from: "cn-north".parse().unwrap(),
            to: "eu-west".parse().unwrap(),
            released_at: Timestamp::UNIX_EPOCH,
            content: Content::Directory(vec![Entry { pseudonym: Uuid::from_u128(3), active: true }]),
        };
        let text = serde_json::to_string(&statement).unwrap();
        let file = format!("{text}\nkey signature\n");
        assert_eq!(signed::read::<Statement>(&file), Ok((statement.clone(), text.as_str(), "key signature")));
        let other = serde_json::to_string(&Statement { format: "tally transfer 2".into(), ..statement }).unwrap();
        for broken in [String::new(), text, format!("{other}\nkey signature"), "{}\nkey signature".into()] {
            assert_eq!(signed::read::<Statement>(&broken), Err(FileError::Malformed), "{broken}");
        }
    }
}
