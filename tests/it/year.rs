//! Twelve months of two branches. Facts of months that are closed are put right by chance, and money after them; beside it stands a group
//! that knew from the beginning what the first one knows in the end. What was paid and what is carried is the same in both, of
//! everybody, to the minor unit.

pub mod group;
mod look;

use std::collections::BTreeMap;

use tally_kernel::Rng;

use self::group::Group;
use self::look::{Known, Paid};

/// People: those below 3 are of the branch North, the others of South.
pub const PEOPLE: usize = 6;
const MONTHS: usize = 12;
/// Goes from North to South in June, and everybody knows.
const MOVES: (usize, usize) = (2, 6);
/// Leaves South with the last day of July.
const LEAVES: (usize, usize) = (5, 7);
/// Went from South to North in September, which is told in November.
const MOVED: (usize, usize, usize) = (4, 9, 11);

/// A served session as the platform tells it.
#[derive(Clone, Debug)]
pub struct Served {
    /// Who served, where the platform says so.
    pub agent: Option<usize>,
    pub rating: Option<u32>,
    pub amount: i64,
    /// What was paid back of it.
    pub refunds: Vec<i64>,
    pub revision: u64,
}

/// What is known of a month, by branch.
#[derive(Clone, Debug)]
pub struct Month {
    /// Its number, from 1.
    pub number: usize,
    pub served: [Vec<Served>; 2],
    /// Who clocked in at nine on the tenth.
    pub on_duty: [Vec<usize>; 2],
    /// When the second of them clocked out: before or after noon, when somebody was served whom the platform does not name.
    pub stays: [bool; 2],
    pub pools: [i64; 2],
}

/// Numbers by chance that are the same in every run.
struct Chance(Rng);

impl Chance {
    fn below(&self, end: u64) -> u64 {
        u64::from_le_bytes(self.0.bytes()) % end
    }

    fn amount(&self, end: u64) -> i64 {
        i64::try_from(self.below(end)).expect("a small number")
    }

    fn rating(&self) -> Option<u32> {
        [None, Some(1_000), Some(3_000), Some(4_000), Some(5_000)][usize::try_from(self.below(5)).expect("a place")]
    }

    fn place(&self, of: usize) -> usize {
        usize::try_from(self.below(of as u64)).expect("a place")
    }

    /// As it is known when it ends.
    fn month(&self, number: usize) -> Month {
        let (mover, since) = MOVES;
        let (leaver, last) = LEAVES;
        let here = |n: &usize| *n != leaver || number <= last;
        // The late transfer changes no account: the platform goes on naming the person on the old one.
        let serves = |n: usize| usize::from(n >= 3 || (n == mover && number >= since));
        let served = |branch: usize| {
            let named = (0..PEOPLE).filter(here).filter(|n| serves(*n) == branch).map(Some);
            let one = |agent| {
                let (rating, amount) = (self.rating(), 5_000 + self.amount(60_000));
                Served { agent, rating, amount, refunds: Vec::new(), revision: 0 }
            };
            named.chain([None]).map(one).collect()
        };
        let second = if number <= last { leaver } else { mover };
        Month {
            number,
            served: [served(0), served(1)],
            on_duty: [vec![0, 1], vec![3, second]],
            stays: [self.below(2) == 0, self.below(2) == 0],
            // Small ones too, of which nothing large can be held back.
            pools: [0, 1].map(|_| if self.below(3) == 0 { self.amount(300) } else { 3_000 + self.amount(60_000) }),
        }
    }

    /// Puts something of a month right: what.
    fn put_right(&self, month: &mut Month) -> Fact {
        let branch = self.place(2);
        let at = self.place(month.served[branch].len());
        let one = &mut month.served[branch][at];
        match self.below(4) {
            0 | 1 => {
                (one.rating, one.revision) = (self.rating(), one.revision + 1);
                Fact::Record(branch, at)
            }
            2 => {
                let left = one.amount + one.refunds.iter().sum::<i64>();
                one.refunds.push(-(left * 9 / 10));
                Fact::Record(branch, at)
            }
            _ => {
                month.stays[branch] = !month.stays[branch];
                Fact::Punch(branch)
            }
        }
    }
}

/// What was put right: a record of a branch, or when the second one of a branch clocked out.
#[derive(Clone, Copy, Debug)]
pub enum Fact {
    Record(usize, usize),
    Punch(usize),
}

/// The year as it came about: month by month, with what was put right after each.
async fn as_it_came(chance: &Chance) -> (Group, Vec<Month>, Vec<Known>) {
    let mut group = Group::begin().await;
    let (mut months, mut known): (Vec<Month>, Vec<Known>) = (Vec::new(), Vec::new());
    for number in 1..=MONTHS {
        group.month_ends(number).await;
        if number == MOVES.1 {
            group.moves(MOVES.0, 1, number).await;
        }
        if number == LEAVES.1 {
            group.leaves(LEAVES.0, number).await;
        }
        let month = chance.month(number);
        group.bring_in(&month).await;
        group.close(&month).await;
        months.push(month);
        for _ in 0..chance.below(3) {
            let of = chance.place(months.len());
            let fact = chance.put_right(&mut months[of]);
            group.put_right(&months[of], fact).await;
            group.correct(of + 1).await;
        }
        if number == MOVED.2 {
            group.moves(MOVED.0, 0, MOVED.1).await;
            for late in MOVED.1..=number {
                group.correct(late).await;
            }
            group.signed(MOVED.1, 1, MOVED.0).await;
        }
        if [5, 9].contains(&number) {
            known.push(group.known().await);
        }
    }
    (group, months, known)
}

/// The same year of a group that knew everything when each month ended.
async fn from_the_beginning(months: &[Month]) -> Group {
    let mut group = Group::begin().await;
    group.month_ends(1).await;
    group.moves(MOVES.0, 1, MOVES.1).await;
    group.leaves(LEAVES.0, LEAVES.1).await;
    group.moves(MOVED.0, 0, MOVED.1).await;
    for month in months {
        group.month_ends(month.number).await;
        group.bring_in(month).await;
        group.close(month).await;
    }
    group
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_with_corrections_by_chance_pays_and_carries_what_the_final_facts_give_to_the_minor_unit() {
    let chance = Chance(Rng::seeded(12));
    let (group, months, known) = Box::pin(as_it_came(&chance)).await;
    let knew = Box::pin(from_the_beginning(&months)).await;
    for number in 1..=MONTHS {
        assert_eq!(group.scores(number).await, knew.scores(number).await, "the newest cards of month {number}");
    }
    let (year, oracle) = (group.paid().await, knew.paid().await);
    assert!(oracle.left.is_empty() && oracle.adjusted == 0, "nothing was put right there: {oracle:?}");
    let sums = |of: &Paid| -> BTreeMap<usize, i64> { (0..PEOPLE).map(|n| (n, of.sum(n))).collect() };
    assert_eq!(sums(&year), sums(&oracle), "of everybody, in billionths of a minor unit: {year:?} {oracle:?}");
    // By chance, and the same in every run: all of it happened.
    assert!(year.adjusted > 20 && year.held_over > 0 && year.alone > 0 && year.elsewhere > 0, "{year:?}");
    assert!(!year.left.is_empty(), "something waits: {year:?}");
    for then in known {
        assert_eq!(group.known_at(&then).await, then, "what was known then");
    }
    group.end().await;
    knew.end().await;
}
