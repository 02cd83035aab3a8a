//! When somebody may be erased, who may approve it, and when it is finished.

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use tally_access::Region;
use tally_access::four_eyes::{FourEyesRequired, Hands};
use tally_kernel::id::{ErasureId, OrgUnitId, PersonId, PrincipalId};
use tally_privacy::FOLLOWERS;

/// The erasure of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    pub id: ErasureId,
    pub person: PersonId,
    /// Where the person belonged last.
    pub place: (Region, OrgUnitId),
    pub reason: String,
    /// Who asked, and when.
    pub requested: (PrincipalId, Timestamp),
    /// Who approved, and when it was carried out here.
    pub approved: Option<(PrincipalId, Timestamp)>,
    /// What each of the other services has done; empty before the approval.
    pub parts: Vec<Part>,
    /// When the last of them reported.
    pub completed_at: Option<Timestamp>,
    /// Who withdrew or rejected it, when and why.
    pub dropped: Option<Dropped>,
}

/// The end of a request that nobody approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    pub by: PrincipalId,
    pub at: Timestamp,
    pub reason: String,
}

/// What one service has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub service: String,
    /// When it was done; nothing while it is not.
    pub done_at: Option<Timestamp>,
    /// Rows that were removed or cleared.
    pub rows: u64,
}

/// Why somebody is not erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureError {
    PersonUnknown(PersonId),
    /// The person was erased: nothing can be written about them any more.
    Erased(PersonId),
    /// No erasure has this id.
    Unknown(ErasureId),
    /// Employed, or to be employed some day.
    StillEmployed,
    /// What the law wants kept ends that day.
    TooEarly(Date),
    /// A legal hold covers the person.
    OnHold,
    /// It was asked for already.
    ThereAlready(ErasureId),
    /// Who asked does not approve.
    FourEyes(FourEyesRequired),
    /// It was approved already.
    CarriedOut,
    /// It was withdrawn or rejected.
    Dropped,
    /// Nobody approves the own erasure.
    Oneself,
    /// Nothing is reported before the approval.
    NotApproved,
    /// Only services that hold something of people report.
    NotAService,
}

impl From<FourEyesRequired> for ErasureError {
    fn from(refusal: FourEyesRequired) -> Self {
        Self::FourEyes(refusal)
    }
}

/// What is known of a person when erasing is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The last day of all employments; nothing while one has no end.
    pub last_day: Option<Date>,
    /// Months that are kept after it.
    pub months: u32,
    /// The day in the group's zone.
    pub today: Date,
    /// Whether a legal hold covers the person.
    pub held: bool,
}

/// Whether a person may be erased now.
///
/// # Errors
/// See [`ErasureError`].
pub fn judge(facts: Facts) -> Result<(), ErasureError> {
    let Some(last_day) = facts.last_day.filter(|day| *day < facts.today) else {
        return Err(ErasureError::StillEmployed);
    };
    // The end of time is later than any today.
    let months = Span::new().try_months(facts.months).ok();
    let over = months.and_then(|months| last_day.checked_add(months).ok()).unwrap_or(Date::MAX);
    if facts.today <= over {
        return Err(ErasureError::TooEarly(over));
    }
    if facts.held { Err(ErasureError::OnHold) } else { Ok(()) }
}

/// Whether these hands may approve what those asked for.
///
/// # Errors
/// See [`ErasureError`].
pub fn judge_approval(erasure: &Erasure, asked: Hands, by: Hands) -> Result<(), ErasureError> {
    erasure.waits()?;
    by.differ_from([asked])?;
    if by.person == Some(erasure.person) { Err(ErasureError::Oneself) } else { Ok(()) }
}

/// The parts of all services, those that have reported filled in; none before the approval.
pub fn parts(approved: bool, reported: Vec<Part>) -> Vec<Part> {
    let part = |service: &&str| {
        let found = reported.iter().find(|part| part.service == *service).cloned();
        found.unwrap_or_else(|| Part { service: (*service).to_owned(), done_at: None, rows: 0 })
    };
    if approved { FOLLOWERS.iter().map(part).collect() } else { Vec::new() }
}

impl Erasure {
    /// Whether it waits for somebody's word.
    ///
    /// # Errors
    /// See [`ErasureError`].
    pub fn waits(&self) -> Result<(), ErasureError> {
        match (&self.approved, &self.dropped) {
            (Some(_), _) => Err(ErasureError::CarriedOut),
            (None, Some(_)) => Err(ErasureError::Dropped),
            (None, None) => Ok(()),
        }
    }

    /// Whether every service has reported.
    pub fn is_done_everywhere(&self) -> bool {
        !self.parts.is_empty() && self.parts.iter().all(|part| part.done_at.is_some())
    }

    /// Whether a service's report is news.
    ///
    /// # Errors
    /// See [`ErasureError`].
    pub fn expects(&self, service: &str) -> Result<bool, ErasureError> {
        if !FOLLOWERS.contains(&service) {
            return Err(ErasureError::NotAService);
        }
        if self.approved.is_none() {
            return Err(ErasureError::NotApproved);
        }
        Ok(self.parts.iter().any(|part| part.service == service && part.done_at.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;

    const FACTS: Facts =
        Facts { last_day: Some(date(2024, 11, 21)), months: 24, today: date(2026, 11, 22), held: false };

    #[test]
    fn who_left_long_enough_ago_may_be_erased_and_nobody_else() {
        assert_eq!(judge(FACTS), Ok(()));
        let with = |last_day| judge(Facts { last_day, ..FACTS });
        assert_eq!(with(None), Err(ErasureError::StillEmployed), "an employment without an end");
        assert_eq!(with(Some(date(2026, 11, 22))), Err(ErasureError::StillEmployed), "the last day is a working day");
        assert_eq!(with(Some(date(2027, 1, 31))), Err(ErasureError::StillEmployed));
        assert_eq!(with(Some(date(2026, 11, 21))), Err(ErasureError::TooEarly(date(2028, 11, 21))));
        assert_eq!(with(Some(date(2024, 11, 22))), Err(ErasureError::TooEarly(date(2026, 11, 22))), "to the day");
        assert_eq!(judge(Facts { held: true, ..FACTS }), Err(ErasureError::OnHold));
        assert_eq!(judge(Facts { months: u32::MAX, ..FACTS }), Err(ErasureError::TooEarly(Date::MAX)));
    }

    fn erasure() -> Erasure {
        Erasure {
            id: ErasureId(Uuid::from_u128(1)),
            person: PersonId(Uuid::from_u128(2)),
            place: (Region::global(), OrgUnitId(Uuid::nil())),
            reason: "asked for".to_owned(),
            requested: (PrincipalId(Uuid::from_u128(3)), Timestamp::UNIX_EPOCH),
            approved: None,
            parts: Vec::new(),
            completed_at: None,
            dropped: None,
        }
    }

    #[test]
    fn who_asked_does_not_approve_nor_does_the_person() {
        let login = |n| Hands::own(PrincipalId(Uuid::from_u128(n)), None);
        let (asker, other) = (login(3), login(4));
        let judged = |erasure: &Erasure, by| judge_approval(erasure, asker, by);
        assert_eq!(judged(&erasure(), asker), Err(ErasureError::FourEyes(FourEyesRequired)));
        let oneself = Hands { person: Some(erasure().person), ..other };
        assert_eq!(judged(&erasure(), oneself), Err(ErasureError::Oneself));
        assert_eq!(judged(&erasure(), other), Ok(()));
        let done = Erasure { approved: Some((other.by, Timestamp::UNIX_EPOCH)), ..erasure() };
        assert_eq!(judged(&done, other), Err(ErasureError::CarriedOut));
        let dropped = Dropped { by: other.by, at: Timestamp::UNIX_EPOCH, reason: "came back".to_owned() };
        let over = Erasure { dropped: Some(dropped), ..erasure() };
        assert_eq!(judged(&over, other), Err(ErasureError::Dropped));
    }

    #[test]
    fn it_is_finished_when_every_service_has_reported_once() {
        let waiting = erasure();
        assert_eq!(waiting.expects("talent"), Err(ErasureError::NotApproved));
        assert!(!waiting.is_done_everywhere());
        let mut approved = Erasure { approved: Some((PrincipalId(Uuid::nil()), Timestamp::UNIX_EPOCH)), ..erasure() };
        approved.parts = parts(true, Vec::new());
        assert_eq!(approved.expects("identity"), Err(ErasureError::NotAService));
        let mut reported = Vec::new();
        for service in FOLLOWERS {
            assert!(!approved.is_done_everywhere(), "{service} has not reported");
            assert_eq!(approved.expects(service), Ok(true));
            reported.push(Part { service: service.to_owned(), done_at: Some(Timestamp::UNIX_EPOCH), rows: 3 });
            approved.parts = parts(true, reported.clone());
            assert_eq!(approved.expects(service), Ok(false), "said again it changes nothing");
        }
        assert!(approved.is_done_everywhere());
    }
}
