//! Removing what has been kept long enough, in small units, each with its audit entry.

use std::collections::BTreeMap;

use crate::tables::{DataTable, Over};
use jiff::civil::{Date, Time};
use jiff::{Span, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use tally_access::{OpContext, Permit, Rpc, Target};
use tally_api::common::v1 as common;
use tally_api::identity::v1 as identity;
use tally_api::identity::v1::hold_service_client::HoldServiceClient;
use tally_api::identity::v1::retention_service_client::RetentionServiceClient;
use tally_app::convert::{sent, timestamp};
use tally_app::perform;
use tally_kernel::id::PersonId;
use tally_kernel::page::MAX_SIZE;
use tally_kernel::{Error, Result};
use tally_rpc::{Peer, error_from, pages};
use tally_store::{Audit, Store, UnitOfWork};
use uuid::Uuid;

use crate::schedule::{self, REQUESTS};

/// Rows of one unit.
const ROWS: u64 = 500;
/// Units of one call: the caller asks again while there is more.
const UNITS: usize = 100;

/// How long the group keeps what, and what is on hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Months, by kind.
    pub months: BTreeMap<String, u32>,
    /// What was over when the group had a kind kept longer, by kind.
    pub raised: BTreeMap<String, Raised>,
    /// Whether the whole group is on hold.
    pub everybody: bool,
    /// Who is on hold.
    pub people: Vec<PersonId>,
}

/// That the group had a kind kept longer: a longer time brings nothing back that was over until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// What was before this was over.
    pub removed_before: Timestamp,
    /// When the months were raised.
    pub at: Timestamp,
}

impl Terms {
    /// The instant before which rows about somebody are over; nothing while a legal hold covers the person.
    ///
    /// # Errors
    /// A fault of ours for a kind that nobody declared.
    pub fn over(&self, kind: &str, person: PersonId, now: Timestamp) -> Result<Option<Timestamp>> {
        let held = self.everybody || self.people.contains(&person);
        if held { Ok(None) } else { months_before(now, months(self, kind)?).map(Some) }
    }
}

/// What retention has removed of a kind of data, or removes when it runs next. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed<'a> {
    terms: Option<(&'a Terms, &'static str, Timestamp)>,
    /// When a result was begun that was made of it.
    begun: Option<Timestamp>,
}

impl<'a> Removed<'a> {
    /// What of a kind is over by now.
    pub fn of(terms: Option<&'a Terms>, kind: &'static str, now: Timestamp) -> Self {
        Self { terms: terms.map(|terms| (terms, kind, now)), begun: None }
    }

    /// As a result finds it that was begun at an instant: what was over when the months were raised since was there then, and may be gone.
    #[must_use]
    pub fn since(self, begun: Option<Timestamp>) -> Self {
        Self { begun, ..self }
    }

    /// The instant before which all about this person is over, or about nobody in particular, whom no hold of somebody keeps.
    ///
    /// # Errors
    /// A fault of ours for a kind that nobody declared.
    pub fn until(&self, person: Option<PersonId>) -> Result<Option<Timestamp>> {
        let Some((terms, kind, now)) = self.terms else { return Ok(None) };
        let over = terms.over(kind, person.unwrap_or(PersonId(Uuid::nil())), now)?;
        let raised = self.begun.zip(terms.raised.get(kind)).filter(|(begun, raised)| *begun < raised.at);
        // A hold of today brings nothing back either.
        Ok(over.max(raised.map(|(_, raised)| raised.removed_before)))
    }

    /// The first day, in UTC, that is wholly kept, if what is of this instant is: about this person, or about nobody in particular, whom no
    /// hold of somebody keeps.
    ///
    /// # Errors
    /// A fault of ours for a kind that nobody declared.
    pub fn before(&self, person: Option<PersonId>, at: Timestamp) -> Result<Option<Date>> {
        self.until(person)?.filter(|over| at < *over).map(first_day).transpose()
    }
}

/// The first day, in UTC, none of which is before an instant.
///
/// # Errors
/// Beyond the calendar.
pub fn first_day(from: Timestamp) -> Result<Date> {
    let from = TimeZone::UTC.to_datetime(from);
    if from.time() == Time::midnight() { Ok(from.date()) } else { from.date().tomorrow().map_err(Error::internal) }
}

/// [`terms`], where something of these kinds and instants is so old that it may be over in some group: mostly nothing is, and nobody is asked.
///
/// # Errors
/// What identity says, or that it is away.
pub async fn terms_of_old(
    peer: &Peer,
    ctx: &OpContext,
    old: impl IntoIterator<Item = (&'static str, Timestamp)>,
) -> Result<Option<Terms>> {
    for (kind, at) in old {
        let least = schedule::kind(kind).map_or(0, |kind| kind.least);
        if at < months_before(ctx.now(), least)? {
            return terms(peer, ctx).await.map(Some);
        }
    }
    Ok(None)
}

/// What a run took out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ran {
    /// Table by table.
    pub taken: Vec<common::RetentionTaken>,
    /// Whether there is more.
    pub more: bool,
}

/// What identity says. Nothing may be removed without it: a hold that nobody heard of is no hold.
///
/// # Errors
/// What identity says, or that it is away.
pub async fn terms(peer: &Peer, ctx: &OpContext) -> Result<Terms> {
    let mut client = RetentionServiceClient::new(peer.channel());
    let ask = identity::ListRetentionRequest {};
    let schedule = client.list_retention(peer.as_service(ctx, ask)).await.map_err(error_from)?.into_inner().schedule;
    let mut terms = Terms::default();
    for kind in schedule {
        if kind.raised_at.is_some() {
            let (removed_before, at) = (sent::instant(kind.removed_before)?, sent::instant(kind.raised_at)?);
            terms.raised.insert(kind.kind.clone(), Raised { removed_before, at });
        }
        terms.months.insert(kind.kind, kind.months);
    }
    let holds = pages(async |page_token| {
        let ask = identity::ListHoldsRequest { standing: true, page_size: MAX_SIZE, page_token };
        let page = HoldServiceClient::new(peer.channel()).list_holds(peer.as_service(ctx, ask)).await?.into_inner();
        Ok((page.holds, page.next_page_token))
    });
    for hold in holds.await? {
        match sent::optional_value(&hold.person_id)? {
            Some(person) => terms.people.push(person),
            None => terms.everybody = true,
        }
    }
    Ok(terms)
}

/// Removes what is over. It may be stopped anywhere, called again, and run twice at once.
///
/// # Errors
/// `PERMISSION_DENIED`; what the store says.
pub async fn run<R: Rpc>(store: &Store, ctx: &OpContext, terms: &Terms, data_tables: &[DataTable]) -> Result<Ran> {
    let permit = ctx.permit::<R>(&Target::tenant())?;
    let mut ran = Ran::default();
    if terms.everybody {
        return Ok(ran);
    }
    let mut units = UNITS;
    for table in data_tables {
        let Some((kind, _)) = table.kept else { continue };
        let over = Over { until: months_before(ctx.now(), months(terms, kind)?)?, held: terms.people.clone() };
        let mut rows = 0;
        while units > 0 {
            let taken = store.retry(ctx, || take(store, ctx, &permit, table, &over)).await?;
            if taken == 0 {
                break;
            }
            (rows, units) = (rows + taken, units - 1);
        }
        ran.note(table.table(), kind, over.until, rows);
    }
    ran.more = units == 0;
    if terms.people.is_empty() {
        let until = months_before(ctx.now(), months(terms, REQUESTS)?)?;
        let forget = async |work: UnitOfWork| {
            let rows = work.forget_requests(until).await?;
            // A run always leaves an entry, if only this one.
            let audit = Audit::new("suite.retention.run", "table", "idempotency").note("until", until);
            Ok((work, audit.note("rows", rows), rows))
        };
        let rows = perform(store, ctx, &permit, forget).await?;
        ran.note("idempotency", REQUESTS, until, rows);
    }
    store.wipe().await?;
    Ok(ran)
}

impl Ran {
    fn note(&mut self, table: &str, kind: &str, until: Timestamp, rows: u64) {
        if rows > 0 {
            let (table, kind) = (table.to_owned(), kind.to_owned());
            self.taken.push(common::RetentionTaken { table, kind, until: Some(timestamp(until)), rows });
        }
    }
}

async fn take<R: Rpc>(
    store: &Store,
    ctx: &OpContext,
    permit: &Permit<R>,
    table: &DataTable,
    over: &Over,
) -> Result<u64> {
    let work = store.unit(ctx, permit).await?;
    let (rows, people) = table.purge_expired(&work, over, ROWS).await?;
    if rows == 0 {
        return Ok(0);
    }
    let audit = Audit::new("suite.retention.run", "table", table.table()).about_all(people);
    work.commit(audit.note("until", over.until).note("rows", rows), rows).await
}

fn months(terms: &Terms, kind: &str) -> Result<u32> {
    terms.months.get(kind).copied().ok_or_else(|| Error::internal(format_args!("no retention of {kind}")))
}

/// The instant so many months ago, in UTC.
///
/// # Errors
/// Beyond the calendar.
pub fn months_before(now: Timestamp, months: u32) -> Result<Timestamp> {
    let months = Span::new().try_months(months).map_err(Error::internal)?;
    let then = now.to_zoned(TimeZone::UTC).checked_sub(months).map_err(Error::internal)?;
    Ok(then.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        let before = |now: &str, months| months_before(now.parse().unwrap(), months).unwrap().to_string();
        assert_eq!(before("2026-11-22T10:00:00Z", 24), "2024-11-22T10:00:00Z");
        assert_eq!(before("2026-03-31T00:00:00Z", 1), "2026-02-28T00:00:00Z");
        assert_eq!(before("2026-03-31T00:00:00Z", 0), "2026-03-31T00:00:00Z");
    }

    #[test]
    fn what_is_over_is_said_of_whoever_no_hold_covers() {
        let person = |n| PersonId(uuid::Uuid::from_u128(n));
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let months = BTreeMap::from([("duty".to_owned(), 24)]);
        let terms = Terms { months, people: vec![person(1)], ..Terms::default() };
        assert_eq!(terms.over("duty", person(1), now).unwrap(), None);
        assert_eq!(terms.over("duty", person(2), now).unwrap().unwrap().to_string(), "2024-11-22T10:00:00Z");
        assert_eq!(Terms { everybody: true, ..terms.clone() }.over("duty", person(2), now).unwrap(), None);
        assert!(terms.over("aliases", person(2), now).is_err());
        let removed = |terms, person, at: &str| Removed::of(terms, "duty", now).before(person, at.parse().unwrap());
        let (before, since) = ("2024-11-22T09:59:59Z", "2024-11-22T10:00:00Z");
        let day = "2024-11-23".parse().ok();
        for whom in [Some(person(2)), None] {
            assert_eq!(removed(Some(&terms), whom, before).unwrap(), day);
            assert_eq!(removed(Some(&terms), whom, since).unwrap(), None);
            assert_eq!(removed(None, whom, before).unwrap(), None);
        }
        assert_eq!(removed(Some(&terms), Some(person(1)), before).unwrap(), None, "held");
        let midnight = "2026-11-22T00:00:00Z".parse().unwrap();
        let exact = Removed::of(Some(&terms), "duty", midnight).before(None, "2024-11-21T23:59:59Z".parse().unwrap());
        assert_eq!(exact.unwrap(), "2024-11-22".parse().ok(), "all of the day is kept");
    }

    #[test]
    fn a_longer_time_brings_nothing_back_that_a_result_was_made_of() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let raised = Raised { removed_before: at("2024-11-20T10:00:00Z"), at: at("2026-11-20T10:00:00Z") };
        let (months, raised) =
            (BTreeMap::from([("duty".to_owned(), 120)]), BTreeMap::from([("duty".to_owned(), raised)]));
        let terms = Terms { months, raised, ..Terms::default() };
        let removed = |terms, begun: Option<&str>| {
            let removed = Removed::of(Some(terms), "duty", at("2026-11-22T10:00:00Z")).since(begun.map(at));
            removed.before(None, at("2023-01-01T00:00:00Z")).unwrap()
        };
        assert_eq!(removed(&terms, None), None);
        assert_eq!(removed(&terms, Some("2026-11-20T09:59:59Z")), "2024-11-21".parse().ok());
        assert_eq!(removed(&terms, Some("2026-11-20T10:00:00Z")), None, "worked out after the raise");
        let held = Terms { everybody: true, ..terms.clone() };
        assert_eq!(removed(&held, Some("2026-11-20T09:59:59Z")), "2024-11-21".parse().ok());
    }
}
