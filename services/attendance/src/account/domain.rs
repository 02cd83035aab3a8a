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

    /// The row of a new account with what the team's unit says: unit and region. Without both, an account is the group's own.
    ///
    /// # Errors
    /// What it says of unit and region and is not so.
    pub fn settled(mut self, units: &Units) -> Result<Self, Message> {
        let team = self.team_of(units);
        self.unit = self.unit.or(team);
        let Some(unit) = self.unit else {
            return match &self.region {
                Some(region) if !region.is_global() && !units.hold(region) => Err(msg!("PLACE_REGION_UNKNOWN", region)),
                _ => Ok(self),
            };
        };
        let home = units.of(unit).ok_or_else(|| msg!("PLACE_UNIT_UNKNOWN", unit))?;
        if team.is_some_and(|team| team != unit) {
            return Err(msg!("PLACE_TEAM_NOT_UNIT", team = self.team_path, unit));
        }
        let region = self.region.get_or_insert_with(|| home.region.clone());
        if *region == home.region {
            Ok(self)
        } else {
            Err(msg!("PLACE_REGION_OF_UNIT", is = home.region, said = region))
        }
    }

    /// The row of an account that is there with the unit that it means: the one that it names, by id or by the path of today, else the stored
    /// one, if it names the team as that was stored. Who names the unit that a closed team goes on in means the same team. No region said is
    /// the stored one.
    ///
    /// # Errors
    /// A path that is another unit today, with the code of the refusal.
    pub fn about(mut self, stored: &Self, units: &Units) -> Result<Self, (&'static str, Message)> {
        let same = |unit: OrgUnitId| match stored.unit {
            Some(closed) if units.goes_on_in(closed, unit) => closed,
            Some(_) | None => unit,
        };
        self.unit = self.unit.map(same);
        let team = self.team_of(units).map(same);
        let is_another = |unit: &OrgUnitId| team.is_some_and(|team| team != *unit);
        if let Some(unit) = self.unit.filter(is_another) {
            return Err(("PLACE_WRONG", msg!("PLACE_TEAM_NOT_UNIT", team = self.team_path, unit)));
        }
        let as_stored = stored.unit.filter(|_| self.team_path == stored.team_path);
        self.unit = self.unit.or(team).or(as_stored);
        let other = self.unit.filter(|_| self.unit != stored.unit).and_then(|unit| units.of(unit));
        self.region =
            self.region.or_else(|| other.map_or_else(|| stored.region.clone(), |home| Some(home.region.clone())));
        let Some(unit) = stored.unit.filter(is_another) else { return Ok(self) };
        let (key, fields) = (self.key(), self.differing(stored).join(", "));
        let team = self.team_path;
        let why = match units.path(unit) {
            Some(unit) => msg!("ACCOUNT_CONTRADICTS_STORED.team", key, fields, team, unit),
            None => msg!("ACCOUNT_CONTRADICTS_STORED.closed", key, fields, team, unit),
        };
        Err(("ALREADY_DIFFERENT", why))
    }

    /// The unit that the team's path names today. The empty path is the whole group's.
    fn team_of(&self, units: &Units) -> Option<OrgUnitId> {
        units.get(&self.team_path).filter(|_| !self.team_path.is_empty()).and_then(|home| home.unit)
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
        let (here, there) = (self.home(), other.home());
        // The same unit is the same team, whatever it is called.
        let same = here.unit.is_some() && here.unit == there.unit;
        note("team", !same && self.team_path != other.team_path);
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

impl StoredAccount {
    /// Which account it is, its zone and its region: nothing of its team and of how it is used.
    pub fn named_alone(self) -> Self {
        let account = ShopAccount { team_path: String::new(), unit: None, phases: Vec::new(), ..self.account };
        Self { account, ..self }
    }
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
        assert_eq!(account("a", &[]).settled(&units).unwrap().home(), unit);
        let nobodys = ShopAccount { team_path: String::new(), ..account("a", &[]) };
        let at_home = nobodys.clone().settled(&units).unwrap().home();
        assert_eq!(at_home, Home { region: Region::global(), unit: None });
        let told = |account: ShopAccount| account.settled(&units).map(drop).map_err(|why| why.id().contains("REGION"));
        let region = |name: &str| Some(name.parse::<Region>().unwrap());
        let stranger = Some(OrgUnitId(Uuid::from_u128(8)));
        assert_eq!(told(ShopAccount { unit: stranger, ..nobodys.clone() }), Err(false), "another group's unit");
        assert_eq!(told(ShopAccount { unit: stranger, ..account("a", &[]) }), Err(false));
        assert_eq!(told(ShopAccount { unit: unit.unit, region: region("eu-west"), ..nobodys.clone() }), Err(true));
        assert_eq!(told(ShopAccount { region: region("eu-west"), ..account("a", &[]) }), Err(true));
        assert_eq!(told(ShopAccount { region: region("eu-west"), ..nobodys.clone() }), Err(true));
        assert_eq!(told(ShopAccount { unit: unit.unit, region: region("cn-north"), ..nobodys.clone() }), Ok(()));
        assert_eq!(told(ShopAccount { region: region("cn-north"), ..nobodys.clone() }), Ok(()));
        // A team that was closed is named by its id; a path that nobody has today says nothing.
        let closed = Home { region: "cn-south".parse().unwrap(), unit: stranger };
        let with_closed = units.clone().with_closed([closed.clone()]);
        for path in ["", "south/gone"] {
            let of_closed = ShopAccount { unit: stranger, team_path: path.into(), ..nobodys.clone() };
            assert_eq!(of_closed.settled(&with_closed).unwrap().home(), closed);
        }
    }

    #[test]
    fn a_team_is_the_same_unit_whatever_it_is_called_and_another_units_path_is_a_contradiction_that_says_so() {
        let region: Region = "cn-north".parse().unwrap();
        let id = |n: u128| Some(OrgUnitId(Uuid::from_u128(n)));
        let home = |n: u128| Home { region: region.clone(), unit: id(n) };
        let named = |paths: &[(&str, u128)]| Units::new(paths.iter().map(|(path, n)| ((*path).to_owned(), home(*n))));
        let stored =
            ShopAccount { unit: id(7), region: Some(region.clone()), ..account("a", &[(None, PhaseKind::Shared)]) };
        let there = [StoredAccount { id: AccountId(Uuid::from_u128(1)), account: stored.clone() }];
        let said = |path: &str, unit: Option<OrgUnitId>| ShopAccount {
            team_path: path.into(),
            unit,
            region: None,
            ..stored.clone()
        };
        // What becomes of a row: nothing where it is unchanged, else what it contradicts the account in.
        let told = |row: ShopAccount, units: &Units| {
            let row = match row.about(&stored, units) {
                Ok(row) => row,
                Err((reason, why)) => return Some((reason.to_owned(), why)),
            };
            let mut outcome = ImportOutcome::default();
            assert_eq!(changes(vec![(0, row)], there.to_vec(), &mut outcome), Changes::default());
            outcome.problems.pop().map(|problem| (problem.reason, problem.message))
        };
        let fields = |row: ShopAccount, units: &Units| match told(row, units) {
            Some((_, why)) => format!("{:?}", why.args()["fields"]),
            None => "none".to_owned(),
        };
        let text = |fields: &str| format!("{:?}", Arg::Text(fields.to_owned()));
        // Renamed, moved and closed: by the path of then, by that of today, and by its id, whatever is written beside it.
        for units in [named(&[("north/post", 7), ("north/b", 8)]), named(&[("north/b", 8)])] {
            assert_eq!(told(said("north/a", None), &units), None);
            for path in ["", "north/a", "north/post", "somewhere"] {
                assert_eq!(told(said(path, id(7)), &units), None, "{path}");
            }
            assert_eq!(fields(said("", None), &units), text("team, unit"));
            assert_eq!(fields(said("somewhere", None), &units), text("team, unit"));
            assert_eq!(fields(said("north/a", id(8)), &units), text("unit"));
            let east = ShopAccount { region: Some("cn-east".parse().unwrap()), ..said("north/a", None) };
            assert_eq!(fields(east, &units), text("region"));
        }
        assert_eq!(told(said("north/post", None), &named(&[("north/post", 7)])), None);
        // The old path is another unit's by now.
        let units = named(&[("north/post", 7), ("north/a", 8)]);
        for row in [said("north/a", None), said("north/a", id(8))] {
            let (reason, why) = told(row, &units).unwrap();
            assert_eq!((reason.as_str(), why.id()), ("ALREADY_DIFFERENT", "ACCOUNT_CONTRADICTS_STORED.team"));
            assert_eq!(
                ["fields", "team", "unit"].map(|arg| &why.args()[arg]),
                ["unit", "north/a", "north/post"].map(|text| Arg::Text(text.to_owned())).each_ref()
            );
        }
        let (reason, why) = told(said("north/a", id(7)), &units).unwrap();
        assert_eq!((reason.as_str(), why.id()), ("PLACE_WRONG", "PLACE_TEAM_NOT_UNIT"));
        // Closed, and its people went to 9 and on to 8: whoever names either means it, and nobody else does.
        let paths = [("north/b", 8), ("north/c", 6)];
        let gone = named(&paths).with_gone([(OrgUnitId(Uuid::from_u128(7)), [9, 8].map(|n| id(n).unwrap()).to_vec())]);
        for row in [said("north/b", None), said("north/b", id(8)), said("north/b", id(7)), said("", id(9))] {
            assert_eq!(told(row.clone(), &gone), None, "{row:?}");
        }
        let (reason, _) = told(said("north/b", id(6)), &gone).unwrap();
        assert_eq!(reason, "PLACE_WRONG", "two units");
        let closed = named(&paths);
        for (units, id, unit) in [
            (&gone, "ACCOUNT_CONTRADICTS_STORED.team", "north/b".to_owned()),
            (&closed, "ACCOUNT_CONTRADICTS_STORED.closed", Uuid::from_u128(7).to_string()),
        ] {
            let (reason, why) = told(said("north/c", None), units).unwrap();
            assert_eq!((reason.as_str(), why.id()), ("ALREADY_DIFFERENT", id));
            assert_eq!(why.args()["unit"], Arg::Text(unit));
        }
    }

    #[test]
    fn the_stored_words_of_phases_are_these() {
        tally_testkit::words([(PhaseKind::Shared, "shared"), (PhaseKind::Mixed, "mixed"), (PhaseKind::Named, "named")]);
    }
}
