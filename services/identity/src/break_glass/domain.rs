//! What an emergency may open, for how long, and who looks at it afterwards.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tally_access::four_eyes::{FourEyesRequired, Hands};
use tally_access::{NOT_DELEGABLE, Permission, SEPARATED, Scope};
use tally_kernel::id::{BreakGlassId, PrincipalId};

/// The longest an emergency lasts.
pub const LONGEST: SignedDuration = SignedDuration::from_mins(60);
/// Characters that a reason has at least: `test` is none.
pub const SHORTEST_REASON: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    pub id: BreakGlassId,
    /// Who declared it.
    pub principal: PrincipalId,
    /// Names of what it opens.
    pub permissions: Vec<String>,
    /// Kind of the scope.
    pub scope: String,
    /// What the scope names.
    pub scope_ref: String,
    pub reason: String,
    /// The ticket it belongs to.
    pub ticket: String,
    pub from: Timestamp,
    pub until: Timestamp,
    /// When it was ended before its time.
    pub ended_at: Option<Timestamp>,
    /// Who reviewed it, and what was found.
    pub review: Option<(PrincipalId, String)>,
}

impl BreakGlass {
    /// What it opens, as far as this program knows it.
    pub fn permissions(&self) -> impl Iterator<Item = Permission> {
        self.permissions.iter().filter_map(|name| name.parse().ok())
    }

    /// Whether it opens anything at `now`.
    pub fn open(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.until
    }
}

/// What can be wrong with an emergency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakGlassError {
    /// It opens nothing.
    Nothing,
    /// No emergency opens this.
    NotOpened(Permission),
    /// Not a scope that names units, a region or the group.
    ScopeUnusable,
    ReasonTooShort,
    /// Not 1 to 60 minutes.
    TimeUnusable,
    /// The caller has one open.
    OpenAlready(BreakGlassId),
    /// No such emergency, or none of the caller's.
    Unknown(BreakGlassId),
    EndedAlready,
    /// It is not over.
    StillOpen,
    /// Nobody reviews his own.
    FourEyes(FourEyesRequired),
    ReviewedAlready,
}

/// Judges what an emergency would open.
///
/// # Errors
/// See [`BreakGlassError`].
pub fn judge(
    permissions: &[Permission],
    scope: &Scope,
    reason: &str,
    minutes: u32,
) -> Result<Timespan, BreakGlassError> {
    if permissions.is_empty() {
        return Err(BreakGlassError::Nothing);
    }
    // Who must be somebody else on a good day must be somebody else on a bad one.
    let duty = |p: &Permission| SEPARATED.iter().any(|(a, b)| a == p || b == p);
    if let Some(never) = permissions.iter().find(|p| NOT_DELEGABLE.contains(p) || duty(p)) {
        return Err(BreakGlassError::NotOpened(*never));
    }
    if matches!(scope, Scope::Own | Scope::Reports) {
        return Err(BreakGlassError::ScopeUnusable);
    }
    if reason.trim().chars().count() < SHORTEST_REASON {
        return Err(BreakGlassError::ReasonTooShort);
    }
    let time = SignedDuration::from_mins(i64::from(minutes));
    if minutes == 0 || time > LONGEST { Err(BreakGlassError::TimeUnusable) } else { Ok(Timespan(time)) }
}

/// How long an emergency lasts: at most an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timespan(SignedDuration);

impl Timespan {
    /// The end of one that begins now.
    pub fn from(self, now: Timestamp) -> Timestamp {
        now.checked_add(self.0).unwrap_or(now)
    }
}

impl From<FourEyesRequired> for BreakGlassError {
    fn from(refusal: FourEyesRequired) -> Self {
        Self::FourEyes(refusal)
    }
}

/// Judges a review of what those hands declared.
///
/// # Errors
/// See [`BreakGlassError`].
pub fn judge_review(
    emergency: &BreakGlass,
    declared: Hands,
    reviewer: Hands,
    now: Timestamp,
) -> Result<(), BreakGlassError> {
    reviewer.differ_from([declared])?;
    match () {
        () if emergency.review.is_some() => Err(BreakGlassError::ReviewedAlready),
        () if emergency.open(now) => Err(BreakGlassError::StillOpen),
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_772_452_800, 0);
    const REASON: &str = "payroll stands still, nobody of HR can be reached";

    #[test]
    fn an_emergency_opens_reading_and_mending_but_no_rights_and_no_separated_duty() {
        let judged = |permission| judge(&[permission], &Scope::Tenant, REASON, 60).map(|time| time.from(NOW));
        assert_eq!(judged(Permission::StatementReadPay), Ok(NOW + SignedDuration::from_hours(1)));
        for never in
            [Permission::GrantAny, Permission::LoginWrite, Permission::SettlementApprove, Permission::SettlementPost]
        {
            assert_eq!(judged(never), Err(BreakGlassError::NotOpened(never)));
        }
    }

    #[test]
    fn it_needs_something_to_open_a_reason_and_at_most_an_hour() {
        let read = [Permission::PersonRead];
        let judged = |permissions: &[_], scope, reason, minutes| judge(permissions, &scope, reason, minutes).err();
        assert_eq!(judged(&[], Scope::Tenant, REASON, 5), Some(BreakGlassError::Nothing));
        assert_eq!(judged(&read, Scope::Own, REASON, 5), Some(BreakGlassError::ScopeUnusable));
        assert_eq!(judged(&read, Scope::Tenant, "         test        ", 5), Some(BreakGlassError::ReasonTooShort));
        assert_eq!(judged(&read, Scope::Tenant, REASON, 0), Some(BreakGlassError::TimeUnusable));
        assert_eq!(judged(&read, Scope::Tenant, REASON, 61), Some(BreakGlassError::TimeUnusable));
    }

    #[test]
    fn somebody_else_reviews_it_once_when_it_is_over() {
        let [who, other] = [1, 2].map(|n| PrincipalId(Uuid::from_u128(n)));
        let emergency = BreakGlass {
            id: BreakGlassId(Uuid::from_u128(9)),
            principal: who,
            permissions: Vec::new(),
            scope: "tenant".into(),
            scope_ref: String::new(),
            reason: REASON.into(),
            ticket: "INC-7".into(),
            from: NOW,
            until: NOW + LONGEST,
            ended_at: None,
            review: None,
        };
        let (own, others) = (Hands::own(who, None), Hands::own(other, None));
        assert_eq!(judge_review(&emergency, own, others, NOW), Err(BreakGlassError::StillOpen));
        assert_eq!(judge_review(&emergency, own, others, emergency.until), Ok(()));
        let refused = Err(BreakGlassError::FourEyes(FourEyesRequired));
        assert_eq!(judge_review(&emergency, own, own, emergency.until), refused);
        let ended = BreakGlass { ended_at: Some(NOW), review: Some((other, "right".into())), ..emergency };
        assert_eq!(judge_review(&ended, own, others, NOW), Err(BreakGlassError::ReviewedAlready));
    }
}
