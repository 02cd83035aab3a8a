//! Sums by account and person, with an interval for what is not certain.
//!
//! The doubt of one inferred record with share q is q(1 - q). Errors of one day move together, so a day's doubts are added
//! up before they are squared, and days are added as squares. Splits that no model weighed (equal, team) err all in one
//! direction at worst: their doubts are added up over all days. The standard deviation is the policy's calibrated factor
//! times the root, an interval of 90 % reaches 1.645 of it either way, and it never reaches below what is certain or
//! above what is certain and ambiguous together.

use super::canon::Canon;
use super::{Credit, Rung, Share, WHOLE};

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

/// A total under way.
#[derive(Clone, Copy, Default)]
struct Running {
    total: Total,
    /// Ambiguous records the person has a share in.
    ambiguous: u64,
    day: i32,
    /// Doubt of the present day, and squares of the days before.
    today: f64,
    squares: f64,
    /// Doubt of splits nobody weighed.
    unweighed: f64,
}

impl Running {
    fn add(&mut self, rung: Rung, day: i32, ppm: u32) {
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
        if matches!(rung, Rung::Inferred | Rung::Replies | Rung::TagShare | Rung::Equal | Rung::Team) && ppm < WHOLE {
            self.ambiguous += u64::from(WHOLE);
            let share = f64::from(ppm) / f64::from(WHOLE);
            let doubt = share * (1.0 - share);
            if matches!(rung, Rung::Inferred | Rung::Replies | Rung::TagShare) {
                if self.day != day {
                    self.end_day();
                    self.day = day;
                }
                self.today += doubt;
            } else {
                self.unweighed += doubt;
            }
        }
    }

    fn end_day(&mut self) {
        self.squares += self.today * self.today;
        self.today = 0.0;
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
        self.squares += other.squares;
        self.unweighed += other.unweighed;
    }

    fn finish(&self, permille: u32) -> Total {
        let deviation = f64::from(permille) / 1000.0 * (self.squares + self.unweighed * self.unweighed).sqrt();
        let reach = (1.645 * deviation * f64::from(WHOLE)) as u64;
        let total = self.total.total;
        let open = self.total.inferred + self.total.equal + self.total.team + self.total.replies + self.total.tag_share;
        // A share that absorbed the others leaves no doubt and counts as certain here.
        let certain = total - open.min(total);
        let low = total.saturating_sub(reach).max(certain);
        let high = total.saturating_add(reach).min(certain + self.ambiguous.max(open));
        Total { low, high, ..self.total }
    }
}

/// Sums by account and person, and by person, in the order of their keys.
pub(super) fn sum(canon: &Canon<'_>, credits: &[Credit], shares: &[Share]) -> (Vec<Total>, Vec<Total>) {
    let permille = canon.input.policy.interval_permille;
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
                running[person].get_or_insert_default().add(credit.rung, day, share.ppm);
            }
        }
        for (person, running) in running.iter_mut().enumerate() {
            let Some(running) = running else { continue };
            running.end_day();
            (running.total.account, running.total.person) = (Some(canon.accounts[rank]), canon.people[person]);
            by_account.push(running.finish(permille));
            all[person].get_or_insert_default().merge(running);
        }
    }
    let by_person = all.iter().enumerate().filter_map(|(person, running)| {
        let total = running.as_ref()?.finish(permille);
        Some(Total { account: None, person: canon.people[person], ..total })
    });
    let by_person = by_person.collect();
    (by_account, by_person)
}
