//! How far two ways of crediting are from the truth, where the truth is known: in the demo only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use tally_bundle::{AccountIx, Bundle, BundleAccount, BundlePerson, PersonIx, PhaseKind};

use crate::close::PersonTotal;

/// Records that no platform named, and how two ways of crediting do on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Records under a name that several people share.
    pub records: u64,
    /// Every record shared equally by the people of the account's team who were employed that day.
    pub equal: Hits,
    /// As Tally credited them.
    pub tally: Hits,
    /// People's totals on accounts with such records.
    pub totals: u64,
    /// Of these, how many have the truth within their interval; about 90 % should.
    pub holding: u64,
}

/// How one way of crediting does, in millionths of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// What reached the person who served the record, record by record.
    pub reached_ppm: u64,
    /// What people lack at the end of the month of what they did, account by account: mistakes may cancel out.
    pub lacking_ppm: u64,
}

/// Compares `credits.csv` in `out` and the totals with who really served; `served_by` knows by external id.
pub fn truth<'a>(
    bundle: &Bundle,
    totals: &[PersonTotal],
    out: &Path,
    served_by: impl Fn(&str) -> Option<&'a str>,
) -> Result<Truth> {
    let mut books = Books::default();
    let zones = zones(bundle)?;
    let mut shared: BTreeMap<(String, &str), (AccountIx, PersonIx)> = BTreeMap::new();
    for record in &bundle.records {
        let account = bundle.account(record.account);
        let day = record.started_at.to_zoned(zones[record.account.0 as usize].clone()).date();
        let external_id = bundle.text(record.external_id);
        let Some(person) = served_by(external_id).and_then(|no| bundle.find_person(no)) else { continue };
        *books.served.entry((record.account, person)).or_default() += 1_000_000;
        if record.agent.is_some() || account.phase_on(day).kind == PhaseKind::Named {
            continue;
        }
        books.records += 1;
        *books.truth.entry((record.account, person)).or_default() += 1_000_000;
        books.split_equally(bundle, (record.account, person), day);
        shared.insert((bundle.account_label(record.account), external_id), (record.account, person));
    }
    let mut credits = csv::Reader::from_path(out.join("credits.csv")).context("credits.csv")?;
    let mut row = csv::StringRecord::new();
    while credits.read_record(&mut row)? {
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let Some((account, served)) = shared.get(&(cell(1).to_owned(), cell(0))) else { continue };
        let person = bundle.find_person(cell(2)).context("credits.csv names somebody unknown")?;
        let share: u64 = cell(3).parse()?;
        *books.tally.entry((*account, person)).or_default() += share;
        books.tally_reached += if person == *served { share } else { 0 };
    }
    Ok(books.close(totals))
}

fn zones(bundle: &Bundle) -> Result<Vec<TimeZone>> {
    let zone = |account: &BundleAccount| TimeZoneDatabase::bundled().get(&account.zone).map_err(Into::into);
    bundle.accounts.iter().map(zone).collect()
}

type Book = BTreeMap<(AccountIx, PersonIx), u64>;

#[derive(Default)]
struct Books {
    records: u64,
    /// Everything that was really served, named or not.
    served: Book,
    truth: Book,
    equal: Book,
    tally: Book,
    equal_reached: u64,
    tally_reached: u64,
    teams: BTreeMap<(AccountIx, Date), Vec<PersonIx>>,
}

impl Books {
    fn split_equally(&mut self, bundle: &Bundle, (account, served): (AccountIx, PersonIx), day: Date) {
        let team = self.teams.entry((account, day)).or_insert_with(|| team(bundle, account, day));
        let share = 1_000_000 / (team.len().max(1) as u64);
        for person in team.iter() {
            *self.equal.entry((account, *person)).or_default() += share;
            self.equal_reached += if *person == served { share } else { 0 };
        }
    }

    fn close(self, totals: &[PersonTotal]) -> Truth {
        let lacking = |book: &Book| {
            let lacks = |(key, truth): (&(AccountIx, PersonIx), &u64)| {
                truth.saturating_sub(book.get(key).copied().unwrap_or(0))
            };
            self.truth.iter().map(lacks).sum()
        };
        let shared: BTreeSet<AccountIx> = self.truth.keys().map(|(account, _)| *account).collect();
        let there = |total: &&PersonTotal| total.account.is_some_and(|account| shared.contains(&account));
        let holds = |total: &&PersonTotal| {
            let key = total.account.map(|account| (account, total.person));
            let served = key.and_then(|key| self.served.get(&key)).copied().unwrap_or(0);
            (total.low_ppm..=total.high_ppm).contains(&served)
        };
        Truth {
            totals: totals.iter().filter(there).count() as u64,
            holding: totals.iter().filter(there).filter(holds).count() as u64,
            records: self.records,
            equal: Hits { reached_ppm: self.equal_reached, lacking_ppm: lacking(&self.equal) },
            tally: Hits { reached_ppm: self.tally_reached, lacking_ppm: lacking(&self.tally) },
        }
    }
}

/// The people of an account's team on a day; everybody where it names no team.
fn team(bundle: &Bundle, account: AccountIx, day: Date) -> Vec<PersonIx> {
    let team = bundle.account(account).team.as_deref();
    let works =
        |p: &BundlePerson| p.employments.iter().any(|e| team.is_none_or(|team| e.is_in(team)) && e.holds(day, day));
    let there = bundle.people.iter().enumerate().filter(|(_, p)| works(p));
    there.map(|(at, _)| PersonIx(at as u32)).collect()
}
