//! What of an [`OpContext`] a transaction keeps: whose rows it may touch, and who is to be written into the logs.

use std::str::FromStr;
use std::time::Instant;

use jiff::Timestamp;
use sea_orm::prelude::DateTimeUtc;
use serde::de::DeserializeOwned;
use tally_access::{ActorKind, OpContext, Owner, Region, Regions};
use tally_kernel::id::OrgUnitId;
use tally_kernel::{Error, Kind, Result, Rng, msg};
use uuid::Uuid;

use crate::tx::connect::Settings;

/// Who acts, as the logs keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Author {
    pub principal: Uuid,
    /// `person:<id>`, `user`, `service:<name>` or `nobody`.
    pub kind: String,
    pub on_behalf_of: Option<Uuid>,
}

/// See the module's text.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub tenant: Uuid,
    pub regions: Regions,
    pub author: Author,
    pub trace: Option<String>,
    pub deadline: Option<Instant>,
    pub now: Timestamp,
    pub rng: Rng,
}

impl Scope {
    /// # Errors
    /// `UNAUTHENTICATED` for a context without a tenant.
    pub(crate) fn of(ctx: &OpContext) -> Result<Self> {
        let tenant = Uuid::from(ctx.tenant());
        if tenant.is_nil() {
            return Err(Error::of(Kind::Unauthenticated, msg!("UNAUTHENTICATED"))
                .with_internal("a transaction needs a tenant; only Store::directory() works without"));
        }
        let kind = match &ctx.actor.kind {
            ActorKind::Person(person) => format!("person:{person}"),
            ActorKind::User => "user".to_owned(),
            ActorKind::Service(name) => format!("service:{name}"),
            ActorKind::Nobody => "nobody".to_owned(),
        };
        Ok(Self {
            tenant,
            regions: ctx.regions.clone(),
            author: Author {
                principal: ctx.actor.principal.into(),
                kind,
                on_behalf_of: ctx.actor.on_behalf_of.map(Uuid::from),
            },
            trace: ctx.trace.clone(),
            deadline: ctx.deadline,
            now: ctx.now(),
            rng: ctx.rng.clone(),
        })
    }

    pub(crate) fn settings(&self) -> Settings {
        let region = match &self.regions {
            Regions::All => Region::GLOBAL.to_owned(),
            Regions::Only(regions) => regions.iter().map(Region::as_str).collect::<Vec<_>>().join(","),
        };
        Settings {
            tenant: self.tenant.to_string(),
            region,
            actor: self.author.principal.to_string(),
            deadline: self.deadline,
        }
    }

    pub(crate) fn new_id(&self) -> Uuid {
        self.rng.uuid(self.now)
    }
}

/// An instant as both databases keep it: to the microsecond, UTC.
pub fn to_db(at: Timestamp) -> DateTimeUtc {
    DateTimeUtc::from_timestamp_micros(at.as_microsecond()).unwrap_or(DateTimeUtc::UNIX_EPOCH)
}

/// An instant as the rest of the suite knows it.
///
/// # Errors
/// A fault of ours, or altered data: the suite's calendar ends with the year 9999.
pub fn from_db(at: DateTimeUtc) -> Result<Timestamp> {
    let read = Timestamp::from_microsecond(at.timestamp_micros());
    read.map_err(|_| Error::internal(format_args!("the instant {at} is stored, which cannot be")))
}

/// A calendar date as both databases keep it.
pub fn date_to_db(date: jiff::civil::Date) -> chrono::NaiveDate {
    let (month, day) = (u32::from(date.month().unsigned_abs()), u32::from(date.day().unsigned_abs()));
    chrono::NaiveDate::from_ymd_opt(i32::from(date.year()), month, day).unwrap_or_default()
}

/// A calendar date as the rest of the suite knows it.
///
/// # Errors
/// As [`from_db`].
pub fn date_from_db(date: chrono::NaiveDate) -> Result<jiff::civil::Date> {
    use chrono::Datelike as _;
    let part = |n: u32| i8::try_from(n).ok();
    let year = i16::try_from(date.year()).ok();
    let read = year.zip(part(date.month()).zip(part(date.day())));
    let read = read.and_then(|(year, (month, day))| jiff::civil::Date::new(year, month, day).ok());
    read.ok_or_else(|| Error::internal(format_args!("the date {date} is stored, which cannot be")))
}

/// A stored word as the value that it stands for; `what` says of what, for operators.
///
/// # Errors
/// A fault of ours: no version of the program that knows this row wrote such a word.
pub fn word_from_db<T: FromStr>(what: &str, word: &str) -> Result<T> {
    word.parse().map_err(|_| Error::internal(format_args!("{what}: {word:?} is stored, which nobody knows")))
}

/// A stored number as the type that it was written from; `what` says of what, for operators.
///
/// # Errors
/// A fault of ours, or altered data: nothing ever wrote such a number.
pub fn number_from_db<N: Copy + std::fmt::Display, T: TryFrom<N>>(what: &str, number: N) -> Result<T> {
    T::try_from(number).map_err(|_| Error::internal(format_args!("{what}: {number} is stored, which cannot be")))
}

/// A value that a column holds as JSON; `what` says of what, for operators. The text is not repeated: it may be about somebody.
///
/// # Errors
/// A fault of ours, or altered data.
pub fn json_from_db<T: DeserializeOwned>(what: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|e| Error::internal(format_args!("{what} is stored and cannot be read: {e}")))
}

/// Whose a row is, by its region and unit.
///
/// # Errors
/// A fault of ours, or altered data.
pub fn owner_from_db(region: &str, unit: Option<Uuid>) -> Result<Owner> {
    let Some(unit) = unit else { return Ok(Owner::group()) };
    Ok(Owner::of(word_from_db("a region", region)?, OrgUnitId(unit)))
}

/// A digest or another value of so many bytes; `what` says of what, for operators.
///
/// # Errors
/// A fault of ours, or altered data.
pub fn bytes_from_db<const N: usize>(what: &str, bytes: &[u8]) -> Result<[u8; N]> {
    let length = bytes.len();
    bytes.try_into().map_err(|_| Error::internal(format_args!("{what}: {length} bytes are stored where {N} belong")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_number_text_or_digest_that_cannot_be_is_a_fault_of_ours_and_no_default() {
        assert_eq!(number_from_db::<i64, u32>("a rank", 7).unwrap(), 7);
        assert_eq!(number_from_db::<i64, u32>("a rank", -1).unwrap_err().kind(), Kind::Internal);
        assert_eq!(json_from_db::<Vec<u8>>("sizes", "[1]").unwrap(), [1]);
        assert_eq!(json_from_db::<Vec<u8>>("sizes", "[").unwrap_err().kind(), Kind::Internal);
        assert_eq!(bytes_from_db::<2>("a digest", &[1, 2]).unwrap(), [1, 2]);
        assert_eq!(bytes_from_db::<2>("a digest", &[1]).unwrap_err().kind(), Kind::Internal);
    }

    #[test]
    fn a_stored_word_that_nobody_knows_is_a_fault_of_ours_and_not_of_the_caller() {
        assert_eq!(word_from_db::<Region>("a region", "cn-north").unwrap().as_str(), "cn-north");
        assert_eq!(word_from_db::<Region>("a region", "CN NORTH").unwrap_err().kind(), Kind::Internal);
    }

    #[test]
    fn instants_and_dates_come_back_as_they_went() {
        let at: Timestamp = "2026-03-02T08:00:00.123456Z".parse().unwrap();
        assert_eq!(from_db(to_db(at)).unwrap(), at);
        for date in ["2024-02-29", "1999-12-31", "2026-03-01"] {
            let date: jiff::civil::Date = date.parse().unwrap();
            assert_eq!(date_from_db(date_to_db(date)).unwrap(), date);
        }
    }

    #[test]
    fn a_stored_instant_or_date_beyond_the_calendar_is_a_fault_of_ours_and_not_the_first_one() {
        let (day, instant) = (chrono::NaiveDate::MAX, DateTimeUtc::MAX_UTC);
        assert_eq!(date_from_db(day).unwrap_err().kind(), Kind::Internal);
        assert_eq!(from_db(instant).unwrap_err().kind(), Kind::Internal);
    }
}
