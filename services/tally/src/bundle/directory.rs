//! Finding a person or an account by what a file calls them, and what is wrong with a name that nobody has.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::cell::{self, nearest, shown};
use super::diagnostics::Wrong;
use super::exported;
use super::model::{AccountIx, Alias, BundleAccount, BundlePerson, PersonIx};
use super::people::{bare, segment};

/// Finds people and accounts by what files call them.
pub(crate) struct Directory<'a> {
    people: &'a [BundlePerson],
    /// Numbers of people.csv whose rows were rejected.
    refused: &'a BTreeSet<String>,
    pub accounts: &'a [BundleAccount],
    person_zones: Vec<TimeZone>,
    account_zones: Vec<TimeZone>,
    pub(super) by_no: HashMap<&'a str, PersonIx>,
    by_name: HashMap<String, Vec<AccountIx>>,
    aliases: HashMap<(&'a str, &'a str), Vec<&'a Alias>>,
    /// platform, store and account as a file writes them, to the account: most rows repeat the row before.
    seen: HashMap<String, AccountIx>,
    key: String,
    hints: Cell<u32>,
}

impl<'a> Directory<'a> {
    pub fn new((people, refused): (&'a [BundlePerson], &'a BTreeSet<String>), accounts: &'a [BundleAccount]) -> Self {
        let tz = |name: &String| cell::zone(name).unwrap_or(TimeZone::UTC);
        let mut by_name: HashMap<String, Vec<AccountIx>> = HashMap::new();
        for (i, account) in accounts.iter().enumerate() {
            let ix = AccountIx(i as u32);
            by_name.entry(account.path()).or_default().push(ix);
            by_name.entry(account.name.clone()).or_default().push(ix);
        }
        Self {
            people,
            refused,
            accounts,
            person_zones: people.iter().map(|p| tz(&p.zone)).collect(),
            account_zones: accounts.iter().map(|a| tz(&a.zone)).collect(),
            by_no: people.iter().enumerate().map(|(i, p)| (p.employee_no.as_str(), PersonIx(i as u32))).collect(),
            by_name,
            aliases: HashMap::new(),
            seen: HashMap::new(),
            key: String::new(),
            hints: Cell::new(1_000),
        }
    }

    pub fn learn(&mut self, aliases: &'a [Alias]) {
        for alias in aliases {
            self.aliases.entry((&alias.platform, &alias.alias)).or_default().push(alias);
        }
    }

    pub fn person_zone(&self, ix: PersonIx) -> &TimeZone {
        &self.person_zones[ix.0 as usize]
    }

    /// The employee number of a person.
    pub fn number(&self, ix: PersonIx) -> &'a str {
        &self.people[ix.0 as usize].employee_no
    }

    pub fn account_zone(&self, ix: AccountIx) -> &TimeZone {
        &self.account_zones[ix.0 as usize]
    }

    pub fn person(&self, text: &str) -> Result<PersonIx, Wrong> {
        let no = cell::id(text)?;
        self.by_no.get(no.as_ref()).copied().or_else(|| self.whole(&no)).ok_or_else(|| {
            let reason = format!("{} is not in people.csv", shown(&no));
            self.meant(&no).unwrap_or_else(|| Wrong::new(reason, "add the person to people.csv, or correct the number"))
        })
    }

    /// The person of a number that a program wrote as a decimal: `1002.0` is 1002, where there is such a number.
    fn whole(&self, no: &str) -> Option<PersonIx> {
        let (whole, zeros) = no.split_once('.')?;
        let plain = !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') && whole.bytes().all(|b| b.is_ascii_digit());
        self.by_no.get(whole).copied().filter(|_| plain)
    }

    /// What is wrong with a number that nobody has, where it can be told: a name, lost zeros, lost digits,
    /// rows that were rejected.
    fn meant(&self, no: &str) -> Option<Wrong> {
        let text = shown(no);
        if exported::is_shortened(no) {
            let reason = format!("{text} is a number that a spreadsheet shortened to its first digits");
            return Some(Wrong::new(reason, "export the column as text"));
        }
        if self.refused.contains(no) {
            let reason = format!("the rows of {text} in people.csv were rejected");
            return Some(Wrong::new(reason, "mend them first: each is in rejected.csv with its cure"));
        }
        let list =
            |found: Vec<&str>| (!found.is_empty()).then(|| found.into_iter().take(5).collect::<Vec<_>>().join(" or "));
        let named = self.people.iter().filter(|p| p.name == no).map(|p| p.employee_no.as_str()).collect();
        if let Some(numbers) = list(named) {
            let reason = format!("{text} is a name, and a number is expected (is {numbers} meant?)");
            return Some(Wrong::new(reason, "write the employee number, or name the alias in aliases.csv"));
        }
        let bare = no.trim_start_matches('0');
        let zeros = self.people.iter().map(|p| p.employee_no.as_str());
        let zeros = zeros.filter(|other| !bare.is_empty() && other.trim_start_matches('0') == bare).collect();
        let numbers = list(zeros)?;
        let reason = format!("{text} is not in people.csv (is {numbers} meant?)");
        Some(Wrong::new(reason, "spreadsheets drop leading zeros: export the column as text"))
    }

    /// An account written as its name, or as platform/store/account.
    pub fn account(&self, text: &str) -> Result<AccountIx, Wrong> {
        let name = cell::id(text)?;
        match self.by_name.get(name.as_ref()).map(Vec::as_slice) {
            Some([one]) => Ok(*one),
            Some(_) => {
                let reason = format!("several stores have an account {}", shown(&name));
                Err(Wrong::new(reason, "write it as platform/store/account"))
            }
            None => Err(self.unknown_account(&name)),
        }
    }

    fn unknown_account(&self, name: &str) -> Wrong {
        // Looking for the nearest name takes time: the first thousand times are enough to see what is wrong.
        let names = self.by_name.keys().map(String::as_str);
        let near = (self.hints.get() > 0).then(|| nearest(name, names)).flatten();
        self.hints.set(self.hints.get().saturating_sub(1));
        let near = near.map_or_else(String::new, |n| format!(" (is {n} meant?)"));
        Wrong::new(
            format!("{} is not in accounts.csv{near}", shown(name)),
            "add the account to accounts.csv, or correct its name",
        )
    }

    /// An account of a record: by platform, store and account.
    pub fn record_account(&mut self, platform: &str, store: &str, account: &str) -> Result<AccountIx, Wrong> {
        self.key.clear();
        for part in [platform, "\u{0}", store, "\u{0}", account] {
            self.key.push_str(part);
        }
        if let Some(ix) = self.seen.get(self.key.as_str()) {
            return Ok(*ix);
        }
        let (platform, store, account) = (segment(platform)?, segment(store)?, cell::id(account)?);
        let name = bare(&platform, &store, &account);
        let key = |a: &'a BundleAccount| (a.platform.as_str(), a.store.as_str(), a.name.as_str());
        match self.accounts.binary_search_by(|a| key(a).cmp(&(&platform, &store, name))) {
            Ok(at) => {
                let ix = AccountIx(at as u32);
                self.seen.insert(self.key.clone(), ix);
                Ok(ix)
            }
            Err(_) => Err(self.unknown_account(&format!("{platform}/{store}/{name}"))),
        }
    }

    /// The agent of a record: an employee number, or an alias of the platform on that day.
    pub fn agent(&self, platform: &str, text: &str, day: Date) -> Result<PersonIx, Wrong> {
        if let Some(ix) = self.by_no.get(text) {
            return Ok(*ix);
        }
        let name = cell::fold(text);
        if let Some(ix) = self.by_no.get(name.as_ref()).copied().or_else(|| self.whole(&name)) {
            return Ok(ix);
        }
        let aliases = self.aliases.get(&(platform, name.as_ref())).map_or(&[][..], Vec::as_slice);
        aliases.iter().find(|a| a.covers(day)).map(|a| a.person).ok_or_else(|| {
            if let Some(wrong) = self.meant(&name).filter(|_| aliases.is_empty()) {
                return wrong;
            }
            let reason = if aliases.is_empty() {
                format!("{} is neither in people.csv nor an alias on {}", shown(&name), shown(platform))
            } else {
                format!("the alias {} on {} does not cover {day}", shown(&name), shown(platform))
            };
            Wrong::new(reason, "add the person to people.csv or the alias to aliases.csv, or leave agent empty")
        })
    }
}
