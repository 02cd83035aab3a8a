//! How far two ways of crediting are from the truth, where the truth is known: in the demo only.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use tally_bundle::{AccountIx, Bundle, BundleAccount, BundlePerson, PersonIx, PhaseKind};
use tally_kernel::msg;

use super::text::{Table, count, percent};
use super::words::{RUNGS, rung};
use crate::cli::Language;
use crate::close::PersonTotal;

/// Records that no platform named, and how two ways of crediting do on them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// What each rung did, by its name in files.
    pub rungs: BTreeMap<String, Won>,
}

/// What reached who served the records of one rung, in millionths of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Won {
    /// Records that this rung decided.
    pub records: u64,
    /// With each shared equally.
    pub equal_ppm: u64,
    /// As Tally credited them.
    pub tally_ppm: u64,
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
    let mut shared: BTreeMap<(String, &str), Open> = BTreeMap::new();
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
        let equal_ppm = books.split_equally(bundle, (record.account, person), day);
        let open = Open { account: record.account, served: person, equal_ppm, counted: Cell::new(false) };
        shared.insert((bundle.account_label(record.account), external_id), open);
    }
    let mut credits = csv::Reader::from_path(out.join("credits.csv")).context("credits.csv")?;
    let mut row = csv::StringRecord::new();
    while credits.read_record(&mut row)? {
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let Some(open) = shared.get(&(cell(1).to_owned(), cell(0))) else { continue };
        let won = books.rungs.entry(cell(4).to_owned()).or_default();
        if !open.counted.replace(true) {
            won.records += 1;
            won.equal_ppm += open.equal_ppm;
        }
        let person = bundle.find_person(cell(2)).context("credits.csv names somebody unknown")?;
        let share: u64 = cell(3).parse()?;
        *books.tally.entry((open.account, person)).or_default() += share;
        if person == open.served {
            books.tally_reached += share;
            won.tally_ppm += share;
        }
    }
    let nobodys = shared.into_values().filter(|open| !open.counted.get());
    for open in nobodys {
        let won = books.rungs.entry("unattributed".to_owned()).or_default();
        won.records += 1;
        won.equal_ppm += open.equal_ppm;
    }
    Ok(books.close(totals))
}

/// A record that no platform named.
struct Open {
    account: AccountIx,
    served: PersonIx,
    /// What reaches who served it where it is shared equally.
    equal_ppm: u64,
    counted: Cell<bool>,
}

/// What each rung did for those who served, the surest first, and its part of what is gained over equal shares.
pub fn won(truth: &Truth, lang: Language) -> Table {
    let mut table = Table::new("<>>>>");
    let heads = [msg!("DEMO_RUNG_RECORDS"), msg!("DEMO_RUNG_EQUALLY"), msg!("DEMO_RUNG_TALLY"), msg!("DEMO_RUNG_GAIN")];
    table.row(std::iter::once(String::new()).chain(heads.iter().map(|head| lang.say(head))));
    let gained = |more: u64, less: u64| {
        percent(more.saturating_sub(less), truth.tally.reached_ppm.saturating_sub(truth.equal.reached_ppm))
    };
    for name in RUNGS {
        let Some(won) = truth.rungs.get(name) else { continue };
        let all = won.records * 1_000_000;
        let (equally, tally) = (percent(won.equal_ppm, all), percent(won.tally_ppm, all));
        // A rung that does worse than equal shares takes away from what the others gain.
        let lost = gained(won.equal_ppm, won.tally_ppm);
        let lost = (lost != gained(0, 0)).then(|| format!("-{lost}"));
        let gain = lost.unwrap_or_else(|| gained(won.tally_ppm, won.equal_ppm));
        table.row([rung(name, lang), count(won.records), equally, tally, gain]);
    }
    table
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
    rungs: BTreeMap<String, Won>,
}

impl Books {
    /// Shares a record equally; what of it reaches who served it.
    fn split_equally(&mut self, bundle: &Bundle, (account, served): (AccountIx, PersonIx), day: Date) -> u64 {
        let team = self.teams.entry((account, day)).or_insert_with(|| team(bundle, account, day));
        let share = 1_000_000 / (team.len().max(1) as u64);
        for person in team.iter() {
            *self.equal.entry((account, *person)).or_default() += share;
        }
        let reached = if team.contains(&served) { share } else { 0 };
        self.equal_reached += reached;
        reached
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
            rungs: self.rungs,
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
