//! Sums by account and person, with an interval for what is not certain.
//!
//! The doubt of one inferred record with share q is q(1 - q): the variance of its error. A sum errs more than as many records which err
//! each for itself, since a model that was taught little errs in all records alike, and one wrong record pushes the next ones to the wrong
//! person. Both are the larger the fewer records are certain, and a tag mends both, as it stops such a run in the middle of a shift. So the
//! variance is the sum of the doubts over the certain part of the account's records, a tag counting twice ([`taught`]), times the square
//! of the policy's calibrated factor. Splits that no model weighed (equal, team) err all in one direction at worst: their doubts are added
//! up before they are squared. What names near in time weighed has a variance of its own, see [`Around`]. An interval of 90 % reaches 1.645 standard deviations either way. What is open is whole records, so its
//! ends are rounded outward to whole records, and it never reaches below what is certain or above what is certain and open together.
//!
//! Months of the rules before 3 keep what they had: the root of the squares of every day's doubts, times the factor. There a record that the
//! model gave to one person as a whole leaves no room for the upper end, which so is too low, mostly where two or three were on duty.

use super::canon::Canon;
use super::{Credit, Policy, Rung, Share, WHOLE};

/// What one person is credited with, in millionths of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Index of the account, or none for all accounts together.
    pub account: Option<u32>,
    /// Index of the person.
    pub person: u32,
    /// By name, as the agent or as a contributor.
    pub tagged: u64,
    /// As the sole holder by hand-over.
    pub handover: u64,
    /// As the only one on duty.
    pub sole: u64,
    /// As weighed by the model.
    pub inferred: u64,
    /// By equal split among those on duty.
    pub equal: u64,
    /// By equal split among the team.
    pub team: u64,
    /// By a click of their own.
    pub claimed: u64,
    /// By the device it was written on.
    pub device: u64,
    /// As weighed by the times of the replies.
    pub replies: u64,
    /// As weighed by the tags near in time.
    pub tag_share: u64,
    /// All of the above.
    pub total: u64,
    /// Lower end of the 90 % interval of the total.
    pub low: u64,
    /// Upper end of the 90 % interval of the total.
    pub high: u64,
}

/// The rungs whose records are open.
pub(super) const OPEN: [Rung; 5] = [Rung::Inferred, Rung::Replies, Rung::TagShare, Rung::Equal, Rung::Team];

/// Names by which the estimate of a tag share is steadier than so many names alone would make it: what it is drawn to equal by.
const DRAWN: f64 = 32.0;
/// What a tag share is off by in one direction, in parts of the sum of its doubts, however many the names are.
const MISFIT: f64 = 0.04;

/// What names are worth to the records of an account that they weighed.
///
/// Of n names that are a draw of what came, the share of a person in N other records is known as well as n records tell it: beside the doubt
/// of every record for itself its sum errs by N/n of that.
///
/// ```text
/// variance = (sum of doubts) x (1 + N / (n + 32)) + (.04 x sum of doubts)^2
/// ```
///
/// with n the records of the account that name their agent, and N those weighed by names ([`tag_share`](super::tag_share)).
#[derive(Clone, Copy, Default)]
struct Around {
    named: u32,
    weighed: u32,
}

impl Around {
    fn of(credits: &[Credit]) -> Self {
        let mut around = Self::default();
        for credit in credits {
            around.named += u32::from(credit.rung == Rung::Tagged);
            around.weighed += u32::from(credit.rung == Rung::TagShare);
        }
        around
    }

    /// The variance of a sum with these doubts, in records squared.
    fn variance(self, doubt: f64) -> f64 {
        let unsteady = 1.0 + f64::from(self.weighed) / (f64::from(self.named) + DRAWN);
        doubt * unsteady + (MISFIT * doubt) * (MISFIT * doubt)
    }
}

/// A total under way.
#[derive(Clone, Copy, Default)]
struct Running {
    total: Total,
    /// Open records the person has a share in; before rules 3 only where the share is not the whole record.
    ambiguous: u64,
    day: i32,
    /// Doubt of the present day, of all days, and the squares of the days before.
    today: f64,
    doubt: f64,
    squares: f64,
    /// Doubt of what the times of replies weighed, and of what names near in time did.
    replied: f64,
    named: f64,
    /// Of what the model weighed on the accounts that are done, in records squared; before rules 3 without the factor of the policy.
    variance: f64,
    /// Doubt of splits nobody weighed.
    unweighed: f64,
}

impl Running {
    fn add(&mut self, rung: Rung, day: i32, ppm: u32, rules: u32) {
        let part = u64::from(ppm);
        let total = &mut self.total;
        let step = match rung {
            Rung::Tagged | Rung::Split => &mut total.tagged,
            Rung::Handover => &mut total.handover,
            Rung::Sole => &mut total.sole,
            Rung::Inferred => &mut total.inferred,
            Rung::Equal => &mut total.equal,
            Rung::Team => &mut total.team,
            Rung::Claimed => &mut total.claimed,
            Rung::Device => &mut total.device,
            Rung::Replies => &mut total.replies,
            Rung::TagShare => &mut total.tag_share,
            Rung::Unattributed => return,
        };
        *step += part;
        total.total += part;
        if OPEN.contains(&rung) && (ppm < WHOLE || rules >= 3) {
            self.ambiguous += u64::from(WHOLE);
            let share = f64::from(ppm) / f64::from(WHOLE);
            let doubt = share * (1.0 - share);
            if rung == Rung::Replies {
                self.replied += doubt;
            } else if rung == Rung::TagShare {
                self.named += doubt;
            } else if rung == Rung::Inferred {
                if self.day != day {
                    self.end_day();
                    self.day = day;
                }
                self.today += doubt;
                self.doubt += doubt;
            } else {
                self.unweighed += doubt;
            }
        }
    }

    fn end_day(&mut self) {
        self.squares += self.today * self.today;
        self.today = 0.0;
    }

    /// Ends an account: what its doubts amount to.
    fn end_account(&mut self, policy: &Policy, taught: f64, around: Around) {
        self.end_day();
        let spread = f64::from(policy.spread_permille) / 1000.0;
        let replies = f64::from(policy.replies_permille) / 1000.0;
        let weighed = spread * spread * self.doubt + replies * replies * self.replied;
        let all = weighed / taught + around.variance(self.named);
        self.variance = if policy.rules >= 3 { all } else { self.squares };
    }

    /// Adds another running total of the same person.
    fn merge(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.total, &other.total);
        mine.tagged += theirs.tagged;
        mine.handover += theirs.handover;
        mine.sole += theirs.sole;
        mine.inferred += theirs.inferred;
        mine.equal += theirs.equal;
        mine.team += theirs.team;
        mine.claimed += theirs.claimed;
        mine.device += theirs.device;
        mine.replies += theirs.replies;
        mine.tag_share += theirs.tag_share;
        mine.total += theirs.total;
        self.ambiguous += other.ambiguous;
        self.variance += other.variance;
        self.unweighed += other.unweighed;
    }

    fn finish(&self, policy: &Policy) -> Total {
        let factor = f64::from(policy.interval_permille) / 1000.0;
        let deviation = if policy.rules >= 3 {
            (self.variance + (factor * self.unweighed) * (factor * self.unweighed)).sqrt()
        } else {
            factor * (self.variance + self.unweighed * self.unweighed).sqrt()
        };
        let reach = (1.645 * deviation * f64::from(WHOLE)) as u64;
        let total = self.total.total;
        let open = self.total.inferred + self.total.equal + self.total.team + self.total.replies + self.total.tag_share;
        let certain = total - open.min(total);
        if policy.rules >= 3 {
            let whole = u64::from(WHOLE);
            let low = certain + open.saturating_sub(reach) / whole * whole;
            let high = certain + open.saturating_add(reach).div_ceil(whole).saturating_mul(whole).min(self.ambiguous);
            return Total { low, high, ..self.total };
        }
        // A share that absorbed the others leaves no doubt and counts as certain here.
        let low = total.saturating_sub(reach).max(certain);
        let high = total.saturating_add(reach).min(certain + self.ambiguous.max(open));
        Total { low, high, ..self.total }
    }
}

/// How well the model of an account was taught, by how its records were decided: their certain part, in which a tag counts twice. More
/// than nought, also where nothing is certain.
fn taught(credits: &[Credit]) -> f64 {
    let (mut all, mut certain) = (1_u32, 1_u32);
    for credit in credits {
        all += u32::from(credit.rung != Rung::Unattributed);
        certain += certainty(credit.rung);
    }
    f64::from(certain) / f64::from(all)
}

/// What a record counts for in the certain part of its account.
pub(super) fn certainty(rung: Rung) -> u32 {
    match rung {
        Rung::Tagged | Rung::Claimed => 2,
        Rung::Handover | Rung::Sole | Rung::Split | Rung::Device => 1,
        Rung::Inferred | Rung::Replies | Rung::TagShare | Rung::Equal | Rung::Team | Rung::Unattributed => 0,
    }
}

/// Sums by account and person, and by person, in the order of their keys.
pub(super) fn sum(canon: &Canon<'_>, credits: &[Credit], shares: &[Share]) -> (Vec<Total>, Vec<Total>) {
    let policy = &canon.input.policy;
    let people = canon.people.len();
    let mut all: Vec<Option<Running>> = vec![None; people];
    let mut by_account = Vec::new();
    for (rank, positions) in canon.spans.iter().enumerate() {
        let mut running: Vec<Option<Running>> = vec![None; people];
        for position in positions.clone() {
            let credit = &credits[position];
            let day = canon.record(position).day;
            for share in &shares[credit.first_share as usize..][..credit.shares as usize] {
                let person = canon.person_rank[share.person as usize] as usize;
                running[person].get_or_insert_default().add(credit.rung, day, share.ppm, policy.rules);
            }
        }
        let taught = taught(&credits[positions.clone()]);
        let around = Around::of(&credits[positions.clone()]);
        for (person, running) in running.iter_mut().enumerate() {
            let Some(running) = running else { continue };
            running.end_account(policy, taught, around);
            (running.total.account, running.total.person) = (Some(canon.accounts[rank]), canon.people[person]);
            by_account.push(running.finish(policy));
            all[person].get_or_insert_default().merge(running);
        }
    }
    let by_person = all.iter().enumerate().filter_map(|(person, running)| {
        let total = running.as_ref()?.finish(policy);
        Some(Total { account: None, person: canon.people[person], ..total })
    });
    let by_person = by_person.collect();
    (by_account, by_person)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(rules: u32) -> Policy {
        Policy { rules, ..Policy::default() }
    }

    /// The interval of one person on one account, each of whose records is a share of a day.
    fn interval(shares: &[(i32, u32)], taught: f64, rules: u32) -> Total {
        let mut running = Running::default();
        shares.iter().for_each(|&(day, ppm)| running.add(Rung::Inferred, day, ppm, rules));
        running.end_account(&policy(rules), taught, Around::default());
        running.finish(&policy(rules))
    }

    fn credit(rung: Rung) -> Credit {
        Credit { record: 0, first_share: 0, shares: 0, rung, reason: None }
    }

    #[test]
    fn a_record_in_which_the_model_saw_nobody_else_leaves_room_above_from_rules_3_on() {
        // 300 records that are nearly all theirs by the model, and four that are half theirs: doubt of a record.
        let shares: Vec<(i32, u32)> =
            (0..304).map(|number| (number / 50, if number < 4 { 500_000 } else { WHOLE })).collect();
        let (before, newest) = (interval(&shares, 1.0, 2), interval(&shares, 1.0, 3));
        assert_eq!(before.total, 302 * u64::from(WHOLE));
        assert_eq!(before.high, before.total, "none, although four records are open");
        // 1.645 x 2.05 x a root of 1 is 3.4 records, and no more than two could be added.
        assert_eq!((newest.low, newest.high), (298 * u64::from(WHOLE), 304 * u64::from(WHOLE)));
    }

    #[test]
    fn what_names_weighed_errs_by_as_much_more_as_the_names_are_few() {
        let of = |named: usize, weighed: usize| {
            let credits = [vec![credit(Rung::Tagged); named], vec![credit(Rung::TagShare); weighed]].concat();
            Around::of(&credits).variance(weighed as f64 / 4.0)
        };
        // 100 records halved between two: 25 for themselves, 25 x 100/n for what is not known of the halves, and 1 for what they are off by.
        assert_eq!(of(68, 100), 25.0 + 25.0 + 1.0);
        assert_eq!(of(168, 100), 25.0 + 12.5 + 1.0);
        assert!(of(18, 100) > of(68, 100) && of(0, 0) == 0.0);
    }

    #[test]
    fn tags_teach_twice_as_much_as_records_of_one_alone_and_what_nobody_had_teaches_nothing() {
        let of = |rungs: &[Rung]| taught(&rungs.iter().map(|&rung| credit(rung)).collect::<Vec<_>>());
        assert_eq!(of(&[]), 1.0);
        assert_eq!(of(&[Rung::Inferred, Rung::Inferred, Rung::Inferred]), 0.25, "never nought");
        assert_eq!(of(&[Rung::Inferred, Rung::Inferred, Rung::Sole]), 0.5);
        assert_eq!(of(&[Rung::Inferred, Rung::Inferred, Rung::Tagged]), 0.75);
        assert_eq!(of(&[Rung::Inferred, Rung::Unattributed, Rung::Handover]), of(&[Rung::Inferred, Rung::Split]));
    }

    #[test]
    fn doubts_of_two_accounts_add_up_as_squares() {
        let wide = |records: usize| {
            let total = interval(&vec![(0, 500_000); records], 1.0, 3);
            (total.high - total.low) / u64::from(WHOLE)
        };
        let mut both = Running::default();
        for _ in 0..2 {
            let mut one = Running::default();
            (0..400).for_each(|_| one.add(Rung::Inferred, 0, 500_000, 3));
            one.end_account(&policy(3), 1.0, Around::default());
            both.merge(&one);
        }
        let both = both.finish(&policy(3));
        assert_eq!((both.high - both.low) / u64::from(WHOLE), wide(800));
        assert!(wide(800) < 2 * wide(400), "{} and {}", wide(800), wide(400));
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_total_and_lies_within_what_is_certain_and_open(
            rungs in prop::collection::vec((0..7_usize, 0..9_i32, 1_000..=WHOLE), 0..200), taught in 0.01..2.0_f64,
        ) {
            const RUNGS: [Rung; 7] =
                [Rung::Tagged, Rung::Split, Rung::Handover, Rung::Sole, Rung::Inferred, Rung::Equal, Rung::Team];
            let mut running = Running::default();
            rungs.iter().for_each(|&(rung, day, ppm)| running.add(RUNGS[rung], day, ppm, 3));
            running.end_account(&policy(3), taught, Around::default());
            let total = running.finish(&policy(3));
            let certain = total.tagged + total.handover + total.sole;
            let open = rungs.iter().filter(|(rung, ..)| *rung > 3).count() as u64 * u64::from(WHOLE);
            prop_assert!(certain <= total.low && total.low <= total.total, "{total:?}");
            prop_assert!(total.total <= total.high && total.high <= certain + open, "{total:?}");
        }

        #[test]
        fn more_doubt_or_less_taught_never_makes_it_narrower(
            shares in prop::collection::vec((0..9_i32, 1_000..500_000_u32), 1..200), place: usize, taught in 0.01..2.0_f64,
        ) {
            let ends = |shares: &[(i32, u32)], taught: f64| {
                let total = interval(shares, taught, 3);
                (total.low, total.high)
            };
            let (low, high) = ends(&shares, taught);
            let less = ends(&shares, taught / 2.0);
            prop_assert!(less.0 <= low && high <= less.1, "{less:?} of {low} {high}");
            // The same sum, but of one record more: q(1 - q) is less than twice q/2 (1 - q/2).
            let mut doubtful = shares.clone();
            let (day, ppm) = doubtful[place % shares.len()];
            doubtful[place % shares.len()] = (day, ppm / 2);
            doubtful.push((day, ppm - ppm / 2));
            let more = ends(&doubtful, taught);
            prop_assert!(more.0 <= low && high <= more.1, "{more:?} of {low} {high}");
        }
    }
}
