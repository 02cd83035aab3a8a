//! An account and its phases. A known account may get later phases; what was said of it stays.

use std::collections::BTreeMap;

use jiff::civil::Date;
use strum_macros::{Display, EnumString};
use tally_access::{Region, Target};
use tally_kernel::id::{AccountId, OrgUnitId};
use tally_kernel::import::{ImportOutcome, Problem};
use tally_kernel::{Message, msg};

use crate::directory::{Home, Units};

/// Rows of one import at most.
pub const MAX_ACCOUNTS: usize = 1_000;

/// How an account is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum PhaseKind {
    /// Several people under one name.
    Shared,
    /// On the way to named.
    Mixed,
    /// Every record carries its agent.
    Named,
}

/// A stretch of an account's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// First local date; nothing means from the beginning.
    pub from: Option<Date>,
    /// How it is used.
    pub kind: PhaseKind,
    /// Dialogues one person can hold at once, at least 1.
    pub capacity: u32,
}

/// What is said of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopAccount {
    /// Platform, such as JD.
    pub platform: String,
    pub store: String,
    pub name: String,
    /// IANA name.
    pub zone: String,
    /// Path of the team that serves it; empty when nobody said.
    pub team_path: String,
    /// The team's unit, where known.
    pub unit: Option<OrgUnitId>,
    /// Where its data live, where known.
    pub region: Option<Region>,
    /// Whether only one person may hold it at a time.
    pub exclusive: bool,
    /// Oldest first, each from another date.
    pub phases: Vec<Phase>,
}

impl ShopAccount {
    /// `platform/store/name`.
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.platform, self.store, self.name)
    }

    /// Whether it says where it belongs, which has to be true.
    pub fn says_where(&self) -> bool {
        !self.team_path.is_empty() || self.unit.is_some() || self.region.is_some()
    }

    /// Fills in what the team's unit says: unit and region. Without both, an account is the group's own.
    ///
    /// # Errors
    /// What it says of unit and region and is not so.
    pub fn settle(&mut self, units: &Units) -> Result<(), Message> {
        // The empty path is the whole group's.
        let team = units.get(&self.team_path).filter(|_| !self.team_path.is_empty());
        self.unit = self.unit.or(team.and_then(|home| home.unit));
        let Some(unit) = self.unit else {
            return match &self.region {
                Some(region) if !region.is_global() && !units.hold(region) => Err(msg!("PLACE_REGION_UNKNOWN", region)),
                _ => Ok(()),
            };
        };
        let home = units.of(unit).ok_or_else(|| msg!("PLACE_UNIT_UNKNOWN", unit))?;
        if team.is_some_and(|team| team.unit != home.unit) {
            return Err(msg!("PLACE_TEAM_NOT_UNIT", team = self.team_path, unit));
        }
        let region = self.region.get_or_insert_with(|| home.region.clone());
        if *region == home.region { Ok(()) } else { Err(msg!("PLACE_REGION_OF_UNIT", is = home.region, said = region)) }
    }

    pub fn home(&self) -> Home {
        Home { region: self.region.clone().unwrap_or_else(Region::global), unit: self.unit }
    }

    /// What a permit is asked for.
    pub fn target(&self) -> Target {
        let Home { region, unit } = self.home();
        Target { region: Some(region), unit, ..Target::default() }
    }

    /// What is said once and for all and is said otherwise by the other, as the files and the contract name it. A phase that only one of them has
    /// is no difference.
    fn differing(&self, other: &Self) -> Vec<&'static str> {
        let mut fields = Vec::new();
        let mut note = |field, differs: bool| fields.extend(differs.then_some(field));
        note("zone", self.zone != other.zone);
        note("team", self.team_path != other.team_path);
        let (here, there) = (self.home(), other.home());
        note("unit", here.unit != there.unit);
        note("region", here.region != there.region);
        note("exclusive", self.exclusive != other.exclusive);
        let of_one_day = |a: &Phase| other.phases.iter().find(|b| b.from == a.from).map(|b| (*a, *b));
        let phases: Vec<_> = self.phases.iter().filter_map(of_one_day).collect();
        note("phase", phases.iter().any(|(a, b)| a.kind != b.kind));
        note("capacity", phases.iter().any(|(a, b)| a.capacity != b.capacity));
        fields
    }
}

/// An account that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAccount {
    pub id: AccountId,
    /// What is said of it.
    pub account: ShopAccount,
}

/// What an import changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Accounts that are new.
    pub accounts: Vec<ShopAccount>,
    /// Later phases of accounts that are there.
    pub phases: Vec<(StoredAccount, Vec<Phase>)>,
}

/// Sorts rows into new accounts, new phases, unchanged rows and contradictions.
pub fn changes(rows: Vec<(u32, ShopAccount)>, there: Vec<StoredAccount>, outcome: &mut ImportOutcome) -> Changes {
    let there: BTreeMap<String, StoredAccount> = there.into_iter().map(|a| (a.account.key(), a)).collect();
    let mut seen: BTreeMap<String, ShopAccount> = BTreeMap::new();
    let mut changes = Changes::default();
    for (index, row) in rows {
        let key = row.key();
        if let Some(first) = seen.get(&key) {
            let mut fields = row.differing(first);
            if fields.is_empty() && row.phases == first.phases {
                outcome.unchanged += 1;
            } else {
                if fields.is_empty() {
                    fields.push("phase_from");
                }
                let why = msg!("ACCOUNT_CONTRADICTS_ROW", key, fields = fields.join(", "));
                outcome.problems.push(Problem::new(index, "ALREADY_DIFFERENT", why));
            }
            continue;
        }
        match there.get(&key).map(|stored| (stored, added(&stored.account, &row))) {
            None => {
                changes.accounts.push(row.clone());
                outcome.written += 1;
            }
            Some((_, Err(fields))) => {
                let why = msg!("ACCOUNT_CONTRADICTS_STORED", key, fields = fields.join(", "));
                outcome.problems.push(Problem::new(index, "ALREADY_DIFFERENT", why))
            }
            Some((_, Ok(more))) if more.is_empty() => outcome.unchanged += 1,
            Some((stored, Ok(more))) => {
                changes.phases.push((stored.clone(), more));
                outcome.written += 1;
            }
        }
        seen.insert(key, row);
    }
    changes
}

/// The phases that are new.
///
/// # Errors
/// In what the row contradicts what is there.
fn added(stored: &ShopAccount, row: &ShopAccount) -> Result<Vec<Phase>, Vec<&'static str>> {
    let fields = row.differing(stored);
    if !fields.is_empty() {
        return Err(fields);
    }
    let is_new = |phase: &&Phase| stored.phases.iter().all(|known| known.from != phase.from);
    Ok(row.phases.iter().filter(is_new).copied().collect())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use tally_kernel::message::Arg;
    use uuid::Uuid;

    use super::*;

    fn account(name: &str, phases: &[(Option<Date>, PhaseKind)]) -> ShopAccount {
        ShopAccount {
            platform: "JD".into(),
            store: "shop".into(),
            name: name.into(),
            zone: "Asia/Shanghai".into(),
            team_path: "north/a".into(),
            unit: None,
            region: None,
            exclusive: false,
            phases: phases.iter().map(|(from, kind)| Phase { from: *from, kind: *kind, capacity: 2 }).collect(),
        }
    }

    #[test]
    fn a_known_account_gets_later_phases_and_keeps_what_was_said() {
        let (shared, named) = ((None, PhaseKind::Shared), (Some(date(2026, 3, 10)), PhaseKind::Named));
        let stored = StoredAccount { id: AccountId(Uuid::from_u128(1)), account: account("a", &[shared]) };
        let mut other_zone = account("a", &[shared]);
        other_zone.zone = "UTC".into();
        let import = |rows: Vec<ShopAccount>| {
            let mut outcome = ImportOutcome::default();
            let changes = changes((0..).zip(rows).collect(), vec![stored.clone()], &mut outcome);
            (changes, outcome)
        };
        let (later, outcome) = import(vec![account("a", &[shared, named])]);
        assert_eq!((outcome.written, later.phases[0].1.len()), (1, 1));
        assert_eq!(import(vec![account("a", &[shared])]).1.unchanged, 1);
        let (none, outcome) = import(vec![other_zone, account("a", &[(None, PhaseKind::Mixed)])]);
        assert_eq!(none, Changes::default());
        assert_eq!(outcome.problems.iter().map(|p| p.reason.as_str()).collect::<Vec<_>>(), ["ALREADY_DIFFERENT"; 2]);
        let differing = |at: usize| outcome.problems[at].message.args()["fields"].clone();
        assert_eq!([differing(0), differing(1)], ["zone", "zone, phase"].map(|field| Arg::Text(field.to_owned())));
        let unit = Some(OrgUnitId(Uuid::from_u128(7)));
        let of_a_unit =
            ShopAccount { unit, region: Some("cn-north".parse().unwrap()), ..account("a", &[shared, named]) };
        let (none, outcome) = import(vec![of_a_unit.clone()]);
        assert_eq!((none, outcome.problems.len()), (Changes::default(), 1), "no phase of what is another's");
        assert_eq!(outcome.problems[0].message.args()["fields"], Arg::Text("unit, region".to_owned()));
        let (_, outcome) = import(vec![account("b", &[shared]), ShopAccount { name: "b".into(), ..of_a_unit }]);
        assert_eq!(outcome.problems.len(), 1, "two rows of one import as well");
        let (new, outcome) = import(vec![account("b", &[shared]), account("b", &[shared]), account("b", &[named])]);
        assert_eq!((new.accounts.len(), outcome.written, outcome.unchanged, outcome.problems.len()), (1, 1, 1, 1));
    }

    #[test]
    fn an_account_belongs_to_its_team_and_without_one_to_the_group() {
        let unit = Home { region: "cn-north".parse().unwrap(), unit: Some(OrgUnitId(Uuid::from_u128(7))) };
        let root = Home { region: Region::global(), unit: Some(OrgUnitId(Uuid::from_u128(1))) };
        let units = Units::new([("north/a".to_owned(), unit.clone()), (String::new(), root)]);
        let mut settled = account("a", &[]);
        settled.settle(&units).unwrap();
        assert_eq!(settled.home(), unit);
        let nobodys = ShopAccount { team_path: String::new(), ..account("a", &[]) };
        let mut at_home = nobodys.clone();
        at_home.settle(&units).unwrap();
        assert_eq!(at_home.home(), Home { region: Region::global(), unit: None });
        let told = |account: ShopAccount| account.clone().settle(&units).map_err(|why| why.id().contains("REGION"));
        let region = |name: &str| Some(name.parse::<Region>().unwrap());
        let stranger = Some(OrgUnitId(Uuid::from_u128(8)));
        assert_eq!(told(ShopAccount { unit: stranger, ..nobodys.clone() }), Err(false), "another group's unit");
        assert_eq!(told(ShopAccount { unit: stranger, ..account("a", &[]) }), Err(false));
        assert_eq!(told(ShopAccount { unit: unit.unit, region: region("eu-west"), ..nobodys.clone() }), Err(true));
        assert_eq!(told(ShopAccount { region: region("eu-west"), ..account("a", &[]) }), Err(true));
        assert_eq!(told(ShopAccount { region: region("eu-west"), ..nobodys.clone() }), Err(true));
        assert_eq!(told(ShopAccount { unit: unit.unit, region: region("cn-north"), ..nobodys.clone() }), Ok(()));
        assert_eq!(told(ShopAccount { region: region("cn-north"), ..nobodys }), Ok(()));
    }

    #[test]
    fn the_stored_words_of_phases_are_these() {
        tally_testkit::words([(PhaseKind::Shared, "shared"), (PhaseKind::Mixed, "mixed"), (PhaseKind::Named, "named")]);
    }
}
