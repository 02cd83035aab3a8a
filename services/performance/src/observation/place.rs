//! Where observations belong, as identity and attendance tell it now.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_access::{OpContext, Owner};
use tally_app::directory::People;
use tally_app::units::{Stretch, Units};
use tally_engine::closing::facts::AccountFacts;
use tally_kernel::id::OrgUnitId;
use tally_kernel::import::{ImportOutcome, Problem};
use tally_kernel::time::zone;
use tally_kernel::{Error, Result};

use super::domain::{Placed, RowError, Said, Subject, SubjectKind, When};
use crate::App;

/// What is known of the group, as far as some rows ask for it.
struct Known {
    people: Arc<People>,
    accounts: Vec<AccountFacts>,
    /// The group's.
    zone: TimeZone,
    /// Org trees of the days that rows about units, stores and campaigns end on.
    trees: BTreeMap<Date, Units>,
    /// Units that are not there on the last of the days of a row: since when and until when they were, by that day.
    away: BTreeMap<Date, HashMap<OrgUnitId, Stretch>>,
}

/// Rows with the places that they belong to; those that belong nowhere are refused one by one.
///
/// # Errors
/// What identity or attendance says.
pub async fn placed(
    app: &App,
    ctx: &OpContext,
    rows: Vec<(u32, Said)>,
    refused: &mut ImportOutcome,
) -> Result<Vec<(u32, Placed)>> {
    let known = Known::of(app, ctx, &rows).await?;
    let mut placed = Vec::with_capacity(rows.len());
    for (index, said) in rows {
        match known.place(said)? {
            Ok(row) => placed.push((index, row)),
            Err(wrong) => refused.problems.push(Problem::new(index, wrong.reason(), wrong.message())),
        }
    }
    Ok(placed)
}

impl Known {
    async fn of(app: &App, ctx: &OpContext, rows: &[(u32, Said)]) -> Result<Self> {
        let people = app.directory.everybody(ctx).await?;
        let of_accounts =
            |(_, said): &(u32, Said)| matches!(said.subject.kind(), SubjectKind::Account | SubjectKind::Store);
        let accounts = if rows.iter().any(of_accounts) { app.peers.accounts(ctx).await? } else { Vec::new() };
        let zone = app.peers.zone(ctx).await?;
        let mut days = BTreeSet::new();
        for (_, said) in rows.iter().filter(|(_, said)| in_tree(said)) {
            days.insert(days_of(said, &zone).1);
        }
        let mut trees = BTreeMap::new();
        for day in days {
            trees.insert(day, Units::of(&app.peers.identity, ctx, Some(day)).await?);
        }
        let mut gone: BTreeMap<Date, BTreeSet<OrgUnitId>> = BTreeMap::new();
        for (_, said) in rows {
            let day = days_of(said, &zone).1;
            let unit =
                unit_of(said).filter(|unit| trees.get(&day).is_some_and(|tree: &Units| tree.get(*unit).is_none()));
            if let Some(unit) = unit {
                gone.entry(day).or_default().insert(unit);
            }
        }
        let mut away = BTreeMap::new();
        for (day, units) in gone {
            away.insert(day, Units::stretches(&app.peers.identity, ctx, units, day).await?);
        }
        Ok(Self { people, accounts, zone, trees, away })
    }

    /// # Errors
    /// Days at the end of time.
    fn place(&self, said: Said) -> Result<Result<Placed, RowError>> {
        let unknown = |said: &Said| RowError::Unknown(said.subject.kind(), said.subject.key());
        let group = (self.zone.clone(), Ok((Owner::group(), None)));
        let (zone, home) = match &said.subject {
            Subject::Person(id) => {
                let known = self.people.get(*id);
                let zone = known.map_or_else(|| self.zone.clone(), |known| known.zone.clone());
                let day = days_of(&said, &zone).1;
                let home = known.and_then(|known| known.home(day)).ok_or_else(|| unknown(&said));
                (zone, home.map(|home| (Owner::of(home.region.clone(), home.unit), Some(*id))))
            }
            Subject::Account(id) => match self.accounts.iter().find(|account| account.id == *id) {
                None => (self.zone.clone(), Err(unknown(&said))),
                Some(account) => (zone(&account.zone).map_err(Error::internal)?, Ok((home_of(account), None))),
            },
            Subject::Unit(id) => (self.zone.clone(), self.unit(&said, *id).map(|owner| (owner, None))),
            Subject::Store(name) => (self.zone.clone(), self.store(&said, name)?.map(|owner| (owner, None))),
            Subject::Campaign(_) => match said.run_by {
                None => group,
                Some(unit) => (self.zone.clone(), self.unit(&said, unit).map(|owner| (owner, None))),
            },
        };
        let (owner, person) = match home {
            Ok(home) => home,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let days = days_of(&said, &zone);
        let ended = days.1.tomorrow().and_then(|next| next.to_zoned(zone)).map_err(Error::internal)?;
        let ended_ms = ended.timestamp().as_millisecond();
        Ok(Ok(Placed { said, days, ended_ms, region: owner.region().clone(), unit: owner.unit(), person }))
    }

    /// A unit that was there on the last of the days: whose it was then, the observation is.
    fn unit(&self, said: &Said, id: OrgUnitId) -> Result<Owner, RowError> {
        let to = days_of(said, &self.zone).1;
        let tree = self.trees.get(&to);
        let there = tree.and_then(|tree| tree.owner(Some(id)).ok());
        there.ok_or_else(|| match self.away.get(&to).and_then(|away| away.get(&id)) {
            None => RowError::Unknown(SubjectKind::Unit, id.to_string()),
            Some(Stretch { to: Some(last), .. }) if *last < to => {
                let into = tree.and_then(|tree| tree.goes_on_as(id).nth(1)).map(|into| into.to_string());
                RowError::Closed { unit: id.to_string(), last: *last, into }
            }
            Some(Stretch { from, .. }) => RowError::NotYet { unit: id.to_string(), from: *from },
        })
    }

    /// Whose the accounts of a store are: of the lowest unit above all of them.
    fn store(&self, said: &Said, name: &str) -> Result<Result<Owner, RowError>> {
        let of_store =
            |account: &&AccountFacts| account.key.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        let accounts: Vec<&AccountFacts> = self.accounts.iter().filter(of_store).collect();
        if accounts.is_empty() {
            return Ok(Err(RowError::Unknown(SubjectKind::Store, name.to_owned())));
        }
        let units: Option<Vec<OrgUnitId>> = accounts.iter().map(|account| account.unit).collect();
        let tree = self.trees.get(&days_of(said, &self.zone).1);
        let owner = units.zip(tree).map(|(units, tree)| tree.owner_above(units));
        Ok(Ok(owner.transpose()?.unwrap_or_else(Owner::group)))
    }
}

/// Whether the org tree says where it belongs.
fn in_tree(said: &Said) -> bool {
    unit_of(said).is_some() || said.subject.kind() == SubjectKind::Store
}

/// The unit that it is about, or that runs the campaign which it is about.
fn unit_of(said: &Said) -> Option<OrgUnitId> {
    match said.subject {
        Subject::Unit(unit) => Some(unit),
        Subject::Campaign(_) => said.run_by,
        Subject::Person(_) | Subject::Account(_) | Subject::Store(_) => None,
    }
}

fn home_of(account: &AccountFacts) -> Owner {
    account.unit.map_or_else(Owner::group, |unit| Owner::of(account.region.clone(), unit))
}

/// The first and the last local day of what was observed.
fn days_of(said: &Said, zone: &TimeZone) -> (Date, Date) {
    match said.when {
        When::Days(from, to) => (from, to),
        When::At(at) => {
            let day = at.to_zoned(zone.clone()).date();
            (day, day)
        }
    }
}
