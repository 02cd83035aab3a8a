//! Finding a person or an account by what a file calls them, and what is wrong with a name that nobody has.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_kernel::{Message, msg};

use super::cell::{self, nearest, shown};
use super::diagnostics::Wrong;
use super::model::{AccountIx, Alias, BundleAccount, BundlePerson, PersonIx};

/// Finds people and accounts by what files call them.
pub(crate) struct Directory<'a> {
    pub people: &'a [BundlePerson],
    /// Numbers of people.csv whose rows were rejected.
    refused: &'a BTreeSet<String>,
    pub accounts: &'a [BundleAccount],
    /// Accounts of accounts.csv of which rows were rejected.
    lost: &'a BTreeSet<String>,
    /// The same of nicknames, by platform.
    lost_aliases: Option<&'a BTreeSet<(String, String)>>,
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
    /// Of people and accounts, and of those of which rows were rejected.
    pub fn new(
        (people, refused): (&'a [BundlePerson], &'a BTreeSet<String>),
        (accounts, lost): (&'a [BundleAccount], &'a BTreeSet<String>),
    ) -> Self {
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
            lost,
            lost_aliases: None,
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

    /// Likewise of nicknames.
    pub fn learn(&mut self, aliases: &'a [Alias], lost: &'a BTreeSet<(String, String)>) {
        self.lost_aliases = Some(lost);
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
        self.by_no.get(no.as_ref()).copied().ok_or_else(|| {
            let unknown = || Wrong::new(msg!("NOT_IN_PEOPLE", number = shown(&no)), msg!("NOT_IN_PEOPLE_CURE"));
            self.meant(&no, msg!("NAME_FOR_NUMBER_CURE")).unwrap_or_else(unknown)
        })
    }

    /// What is wrong with a number that nobody has, where it can be told: a name, lost zeros, rows that were
    /// rejected.
    fn meant(&self, no: &str, of_name: Message) -> Option<Wrong> {
        let text = shown(no);
        if self.refused.contains(no) {
            let reason = msg!("ROWS_OF_NUMBER_REJECTED", number = text);
            return Some(Wrong::new(reason, msg!("ROWS_REJECTED_CURE")));
        }
        let list = |found: Vec<&str>| {
            let found = found.into_iter().take(5).map(Message::told);
            found.reduce(|one, other| msg!("ONE_OF_TWO", one, other))
        };
        let named = self.people.iter().filter(|p| p.name == no).map(|p| p.employee_no.as_str()).collect();
        if let Some(near) = list(named) {
            return Some(Wrong::new(msg!("NAME_FOR_NUMBER", text, near), of_name));
        }
        let ungrouped = ungrouped(no);
        if let Some(near) = ungrouped.as_deref().filter(|plain| self.by_no.contains_key(*plain)) {
            return Some(Wrong::new(msg!("GROUPED_NUMBER", text, near), msg!("GROUPED_NUMBER_CURE")));
        }
        let bare = no.trim_start_matches('0');
        let zeros = self.people.iter().map(|p| p.employee_no.as_str());
        let zeros = zeros.filter(|other| !bare.is_empty() && other.trim_start_matches('0') == bare).collect();
        let near = list(zeros)?;
        Some(Wrong::new(msg!("LOST_ZEROS", text, near), msg!("LOST_ZEROS_CURE")))
    }

    /// An account written as its name, or as platform/store/account.
    pub fn account(&self, text: &str) -> Result<AccountIx, Wrong> {
        let name = cell::id(text)?;
        match self.by_name.get(name.as_ref()).map(Vec::as_slice) {
            Some([one]) => Ok(*one),
            Some(_) => Err(Wrong::new(msg!("SEVERAL_STORES", account = shown(&name)), msg!("SEVERAL_STORES_CURE"))),
            None => Err(self.unknown_account(&name)),
        }
    }

    fn unknown_account(&self, name: &str) -> Wrong {
        let is_it = |path: &String| path.rsplit('/').next() == Some(name);
        if self.lost.contains(name) || !name.contains('/') && self.lost.iter().any(is_it) {
            let reason = msg!("ROWS_OF_ACCOUNT_REJECTED", account = shown(name));
            return Wrong::new(reason, msg!("ROWS_REJECTED_CURE"));
        }
        // Looking for the nearest name takes time: the first thousand times are enough to see what is wrong.
        let names = self.by_name.keys().map(String::as_str);
        let near = (self.hints.get() > 0).then(|| nearest(name, names)).flatten();
        self.hints.set(self.hints.get().saturating_sub(1));
        let hint = near.map_or_else(|| Message::told(""), |near| msg!("HINT_MEANT", near));
        Wrong::new(msg!("ACCOUNT_UNKNOWN.file", account = shown(name), hint), msg!("ACCOUNT_UNKNOWN_CURE"))
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

    /// The account that [`Self::record_account`] was asked for last, where it found one.
    pub fn last_record_account(&self) -> Option<AccountIx> {
        self.seen.get(self.key.as_str()).copied()
    }

    /// The agent of a record: an employee number, or an alias of the platform on that day.
    pub fn agent(&self, platform: &str, text: &str, day: Date) -> Result<PersonIx, Wrong> {
        if let Some(ix) = self.by_no.get(text) {
            return Ok(*ix);
        }
        let name = cell::fold(text);
        if let Some(ix) = self.by_no.get(name.as_ref()) {
            return Ok(*ix);
        }
        let aliases = self.aliases.get(&(platform, name.as_ref())).map_or(&[][..], Vec::as_slice);
        aliases.iter().find(|a| a.covers(day)).map(|a| a.person).ok_or_else(|| {
            if self.lost_aliases.is_some_and(|lost| lost.contains(&(platform.to_owned(), name.to_string()))) {
                let reason = msg!("ROWS_OF_ALIAS_REJECTED", alias = shown(&name), platform = shown(platform));
                return Wrong::new(reason, msg!("ROWS_REJECTED_CURE"));
            }
            let meant = self.meant(&name, msg!("NAME_FOR_NUMBER_CURE.agent"));
            if let Some(wrong) = meant.filter(|_| aliases.is_empty()) {
                return wrong;
            }
            let (agent, platform) = (shown(&name), shown(platform));
            let reason = if aliases.is_empty() {
                msg!("UNKNOWN_AGENT", agent, platform)
            } else {
                msg!("ALIAS_NOT_THEN", agent, platform, day)
            };
            Wrong::new(reason, msg!("UNKNOWN_AGENT_CURE"))
        })
    }
}

/// A part of `platform/store/account`.
pub(super) fn segment(text: &str) -> Result<String, Wrong> {
    let text = cell::id(text)?;
    if text.contains('/') {
        return Err(Wrong::new(msg!("SLASH_IN_NAME", text = shown(&text)), msg!("SLASH_IN_NAME_CURE")));
    }
    Ok(text.into_owned())
}

/// The name of an account that may be written platform/store/account.
pub(super) fn bare<'a>(platform: &str, store: &str, account: &'a str) -> &'a str {
    let rest = account.strip_prefix(platform).and_then(|r| r.strip_prefix('/'));
    rest.and_then(|r| r.strip_prefix(store)).and_then(|r| r.strip_prefix('/')).unwrap_or(account)
}

/// The digits of a number that a spreadsheet wrote in groups of three, such as `1,002`.
fn ungrouped(text: &str) -> Option<String> {
    const SIGNS: [char; 7] = [',', '.', '\'', '’', ' ', '\u{a0}', '\u{202f}'];
    let mut groups = text.split(SIGNS);
    let is_digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let first = groups.next().filter(|first| (1..=3).contains(&first.len()) && is_digits(first))?;
    let rest: Vec<&str> = groups.collect();
    let grouped = !rest.is_empty() && rest.iter().all(|group| group.len() == 3 && is_digits(group));
    grouped.then(|| first.to_owned() + &rest.concat())
}
