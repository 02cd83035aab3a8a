//! The people, teams and accounts of the sample.

use super::dice::Dice;
use super::words::Words;

/// Days of the month.
pub(super) const DAYS: u32 = 31;

pub(super) struct SamplePerson {
    pub employee_no: String,
    pub name: String,
    pub unit: String,
    pub position: &'static str,
    pub grade: &'static str,
    pub hired_on: String,
    /// First day of the month at work, from 0, and the last.
    pub days: (u32, u32),
    pub nickname: Option<String>,
    /// Work done in a time, percent of the average.
    pub speed: u32,
    /// First reply, percent of the average time.
    pub slowness: u32,
    /// Matters settled, of a thousand.
    pub settles: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Shared,
    Mixed,
    Named,
    /// Shared until the 15th, then named.
    Changing,
}

pub(super) struct SampleAccount {
    pub platform: usize,
    pub store: &'static str,
    pub name: String,
    pub phase: Phase,
    pub capacity: u32,
    /// Served by one person at a time, with a hand-over log.
    pub handed_over: bool,
    pub team: usize,
    /// The desk tells when which side wrote.
    pub feed: bool,
    /// Its agents say with a click that a dialogue is theirs.
    pub clicks: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Evidence {
    pub rosters: bool,
    pub punches: bool,
}

pub(super) struct Team {
    pub unit: String,
    pub evidence: Evidence,
    /// The roster says who sits where.
    pub seats: bool,
    pub agents: Vec<usize>,
    pub accounts: Vec<usize>,
}

pub(super) struct Group {
    pub people: Vec<SamplePerson>,
    pub teams: Vec<Team>,
    pub accounts: Vec<SampleAccount>,
    pub large: bool,
    /// Stores opened so far by each branch.
    stores: [usize; 3],
}

/// Branch, evidence, and the accounts as platform, phase, capacity and whether it is handed over.
struct Plan {
    branch: usize,
    evidence: Evidence,
    accounts: &'static [(usize, Phase, u32, bool)],
}

const BOTH: Evidence = Evidence { rosters: true, punches: true };
const ROSTERS: Evidence = Evidence { rosters: true, punches: false };
const PUNCHES: Evidence = Evidence { rosters: false, punches: true };
const NOTHING: Evidence = Evidence { rosters: false, punches: false };

static TEAMS: [Plan; 6] = [
    Plan { branch: 0, evidence: BOTH, accounts: &[(0, Phase::Shared, 3, false), (0, Phase::Shared, 3, true)] },
    Plan { branch: 0, evidence: PUNCHES, accounts: &[(1, Phase::Mixed, 3, false), (2, Phase::Named, 3, false)] },
    Plan { branch: 1, evidence: BOTH, accounts: &[(0, Phase::Shared, 3, false), (2, Phase::Changing, 3, false)] },
    Plan { branch: 1, evidence: PUNCHES, accounts: &[(1, Phase::Shared, 1, false)] },
    Plan { branch: 2, evidence: ROSTERS, accounts: &[(2, Phase::Shared, 1, false)] },
    Plan { branch: 2, evidence: PUNCHES, accounts: &[(0, Phase::Named, 3, false), (1, Phase::Mixed, 3, false)] },
];
/// Home workers of a contractor: nobody knows when they are on duty.
static OUTSOURCED: Plan = Plan { branch: 2, evidence: NOTHING, accounts: &[(0, Phase::Shared, 3, false)] };

/// The team in which somebody leaves after the 17th and somebody else, hired on the 18th, takes the nickname.
const LEAVERS_TEAM: usize = 1;

/// The team whose agents click; the other ones with a feed have seats.
const CLICKING_TEAM: usize = 0;

impl Group {
    /// 60 people on 11 accounts, or 200 on 20. The large one has no feed of messages: it would be ten times the records.
    pub fn new(large: bool, words: &'static Words, dice: &mut Dice) -> Self {
        let mut group = Self { people: Vec::new(), teams: Vec::new(), accounts: Vec::new(), large, stores: [0; 3] };
        for (branch, _) in words.branches {
            for position in 0..2 {
                let unit = format!("{branch}/{}", words.department);
                group.hire(unit, position, words, dice);
            }
        }
        let plans: Vec<&Plan> = TEAMS.iter().cycle().take(if large { 12 } else { 6 }).chain([&OUTSOURCED]).collect();
        let agents = if large { 194 } else { 54 };
        let (home, regular) = (3, plans.len() - 1);
        for (i, plan) in plans.iter().enumerate() {
            let size = if i == regular {
                home
            } else {
                (agents - home) / regular + usize::from(i < (agents - home) % regular)
            };
            let within = plans[..i].iter().filter(|p| p.branch == plan.branch).count();
            let name = if i == regular { words.outsourced } else { words.teams[within] };
            let unit = format!("{}/{}/{name}", words.branches[plan.branch].0, words.department);
            let agents = (0..size).map(|_| group.hire(unit.clone(), 2, words, dice)).collect();
            let first = group.accounts.len();
            group.open_accounts(i, plan, words);
            let accounts = (first..group.accounts.len()).collect();
            let seats = group.accounts[first..].iter().any(|a| a.feed && !a.clicks);
            group.teams.push(Team { unit, evidence: plan.evidence, seats, agents, accounts });
        }
        group.nicknames(words);
        group
    }

    fn hire(&mut self, unit: String, position: usize, words: &'static Words, dice: &mut Dice) -> usize {
        let n = self.people.len();
        let (surname, given) = (words.surnames[n % words.surnames.len()], words.given[n * 7 % words.given.len()]);
        let name = if words.given_first { format!("{given} {surname}") } else { format!("{surname}{given}") };
        self.people.push(SamplePerson {
            employee_no: format!("{}", 10_001 + n),
            name,
            unit,
            position: words.positions[position],
            grade: if position == 0 { "M1" } else { ["P1", "P1", "P2", "P3"][dice.below(4) as usize] },
            hired_on: format!("20{}-{:02}-{:02}", dice.range(20, 25), dice.range(1, 12), dice.range(1, 28)),
            days: (0, DAYS - 1),
            nickname: None,
            speed: dice.range(75, 130),
            slowness: dice.range(60, 170),
            settles: dice.range(780, 970),
        });
        n
    }

    fn open_accounts(&mut self, team: usize, plan: &Plan, words: &'static Words) {
        // The second round of teams has no account with hand-overs, which makes the large group's accounts 20.
        let accounts = plan.accounts.iter().filter(|(_, _, _, handed_over)| team < 6 || !handed_over);
        for &(platform, phase, capacity, handed_over) in accounts {
            let number = self.accounts.len();
            let same = self.accounts.last().filter(|a| a.team == team && a.platform == platform).map(|a| a.store);
            let store = same.unwrap_or_else(|| {
                // Three stores of each branch, then three more.
                let opened = &mut self.stores[plan.branch];
                let at = *opened / 3 * 9 + plan.branch * 3 + *opened % 3;
                *opened += 1;
                words.stores[at % words.stores.len()]
            });
            let prefix = ["jd", "vip", "tm"][platform];
            let name = format!("{prefix}-kf{:02}", number + 1);
            let feed = !self.large && capacity > 1 && !handed_over && plan.evidence.rosters;
            let clicks = feed && team == CLICKING_TEAM;
            let account = SampleAccount { platform, store, name, phase, capacity, handed_over, team, feed, clicks };
            self.accounts.push(account);
        }
    }

    /// Nicknames where records are tagged, and the change of people in the middle of the month.
    fn nicknames(&mut self, words: &'static Words) {
        for team in &self.teams {
            let tagged = team.accounts.iter().any(|a| self.accounts[*a].phase != Phase::Shared);
            for agent in team.agents.iter().filter(|_| tagged) {
                let (nick, round) = (agent % words.nicknames.len(), agent / words.nicknames.len());
                let number = if round == 0 { String::new() } else { format!("{round}") };
                self.people[*agent].nickname = Some(format!("{}{number}", words.nicknames[nick]));
            }
        }
        let [.., successor, leaver] = self.teams[LEAVERS_TEAM].agents[..5] else { return };
        self.people[leaver].days = (0, 16);
        self.people[successor].days = (17, DAYS - 1);
        self.people[successor].hired_on = "2026-03-18".to_owned();
        self.people[successor].nickname = self.people[leaver].nickname.clone();
    }
}
