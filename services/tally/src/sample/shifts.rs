//! Who works when: shifts, what of them was rostered and punched, and who held the handed-over account.
//!
//! Times are seconds since the beginning of the month, local.

use super::dice::Dice;
use super::group::{DAYS, Group, Team};

const HOUR: u32 = 3_600;
const DAY: u32 = 24 * HOUR;
/// Early, late and night.
const SHIFTS: [(u32, u32); 3] = [(8 * HOUR, 17 * HOUR), (14 * HOUR, 23 * HOUR), (22 * HOUR, 31 * HOUR)];
/// When the handed-over account goes from one shift to the next.
const HELD: [(u32, u32); 3] =
    [(8 * HOUR, 15 * HOUR + 1_800), (15 * HOUR + 1_800, 22 * HOUR + 2_700), (22 * HOUR + 2_700, 31 * HOUR)];

/// A stretch in which a person serves some accounts.
pub(super) struct Window {
    pub person: usize,
    pub start: u32,
    pub end: u32,
    pub accounts: Vec<usize>,
    /// Nights are quiet.
    pub night: bool,
}

/// A stretch that was planned.
pub(super) struct Shift {
    pub person: usize,
    pub account: usize,
    pub start: u32,
    pub end: u32,
    /// Ten for each shift of the day, and the place in it.
    pub seat: Option<u8>,
}

pub(super) struct Month {
    pub windows: Vec<Window>,
    pub rosters: Vec<Shift>,
    /// Person, time, whether in.
    pub punches: Vec<(usize, u32, bool)>,
    /// Account, person, time, whether taken.
    pub handovers: Vec<(usize, usize, u32, bool)>,
}

impl Month {
    pub fn new(group: &Group, dice: &mut Dice) -> Self {
        let mut month = Self { windows: Vec::new(), rosters: Vec::new(), punches: Vec::new(), handovers: Vec::new() };
        for team in &group.teams {
            for day in 0..DAYS {
                for shift in 0..3 {
                    month.work(group, team, day, shift, dice);
                }
            }
        }
        month.managers(group, dice);
        month
    }

    /// Where somebody sits at a time, `grace` seconds beyond a shift on both sides.
    pub fn seat(&self, person: usize, at: u32, grace: u32) -> Option<u8> {
        let there = |s: &&Shift| s.person == person && s.start <= at + grace && at < s.end + grace;
        self.rosters.iter().find(there)?.seat
    }

    /// One team's shift of one day.
    fn work(&mut self, group: &Group, team: &Team, day: u32, shift: usize, dice: &mut Dice) {
        let on_duty: Vec<usize> = (0..team.agents.len())
            .filter(|i| on_shift(*i as u32, team.agents.len() as u32, day) == Some(shift))
            .map(|i| team.agents[i])
            .filter(|p| (group.people[*p].days.0..=group.people[*p].days.1).contains(&day))
            .collect();
        let common: Vec<usize> = team.accounts.iter().copied().filter(|a| !group.accounts[*a].handed_over).collect();
        let held = team.accounts.iter().copied().find(|a| group.accounts[*a].handed_over);
        let holder = on_duty.get(day as usize % on_duty.len().max(1)).copied();
        for (place, person) in on_duty.into_iter().enumerate() {
            let (start, end) = (day * DAY + SHIFTS[shift].0, day * DAY + SHIFTS[shift].1);
            if team.evidence.rosters {
                let seat = team.seats.then_some(shift as u8 * 10 + place as u8);
                self.rosters.extend(common.iter().map(|account| Shift { person, account: *account, start, end, seat }));
            }
            // Now and then somebody is ill: rostered, not there.
            if dice.permille(8) {
                continue;
            }
            let arrived = if dice.permille(40) { start + dice.range(60, 900) } else { start - dice.below(720) };
            let left = end + dice.below(1_200);
            if team.evidence.punches {
                self.punch(person, arrived, left, dice);
            }
            let (begin, night) = (arrived.max(start) + 60, shift == 2);
            let mut window = |start, end, accounts: &[usize]| {
                if start + 600 < end {
                    let accounts = accounts.to_vec();
                    self.windows.push(Window { person, start, end, accounts, night });
                }
            };
            let (Some(account), true) = (held, holder == Some(person)) else {
                window(begin, end, &common);
                continue;
            };
            let (take, release) = ((day * DAY + HELD[shift].0).max(begin), day * DAY + HELD[shift].1);
            window(begin, take, &common);
            window(take + 30, release - 30, &[account]);
            window(release + 30, end, &common);
            self.handovers.push((account, person, take, true));
            if !dice.permille(50) {
                self.handovers.push((account, person, release, false));
            }
        }
    }

    /// A pair of punches, with what goes wrong at the clock.
    fn punch(&mut self, person: usize, arrived: u32, left: u32, dice: &mut Dice) {
        if !dice.permille(8) {
            self.punches.push((person, arrived, true));
        }
        if dice.permille(10) {
            self.punches.push((person, arrived + dice.range(20, 240), true));
        }
        if !dice.permille(15) {
            self.punches.push((person, left, false));
        }
    }

    /// Managers and trainers punch on weekdays and serve nobody.
    fn managers(&mut self, group: &Group, dice: &mut Dice) {
        let agents = |person: &usize| group.teams.iter().any(|t| t.agents.contains(person));
        for person in (0..group.people.len()).filter(|p| !agents(p)) {
            // The month begins on a Sunday.
            for day in (0..DAYS).filter(|d| !matches!(d % 7, 0 | 6)) {
                let start = day * DAY + 9 * HOUR - dice.below(900);
                self.punch(person, start, day * DAY + 18 * HOUR + dice.below(3_600), dice);
            }
        }
    }
}

/// The shift of the `i`th of `size` agents on a day: five days on, two off, another shift every week.
fn on_shift(i: u32, size: u32, day: u32) -> Option<usize> {
    if (day + i * 3) % 7 >= 5 {
        return None;
    }
    let slot = (i + day / 7) % size;
    let nights = size / 8;
    let shift = if slot < nights { 2 } else { (slot % 2) as usize };
    // The night of the last day belongs to the next month.
    (shift < 2 || day + 1 < DAYS).then_some(shift)
}
