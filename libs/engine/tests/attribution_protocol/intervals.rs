//! What the 90 % intervals of an outcome are worth: an account of the formula of its own, and coverage with every group left out.

use std::collections::BTreeMap;

use tally_engine::attribution::{Attribution, Input, Policy, Rung, Total, WHOLE};

use crate::TAGS;

/// What the interval of one person is made of, in records.
#[derive(Clone, Default)]
pub struct Parts {
    /// Credited without doubt, and what is open.
    pub certain: f64,
    pub open: f64,
    /// Open records the person has a part in, and those of them with somebody else.
    pub records: f64,
    pub shared: f64,
    /// Doubts of every day, and those of splits that no model weighed.
    pub days: BTreeMap<i32, f64>,
    pub unweighed: f64,
}

impl Parts {
    /// By person, from the credits of the only account, and how well its model was taught.
    pub fn of(input: &Input, outcome: &Attribution) -> (Vec<Self>, f64) {
        let mut parts = vec![Self::default(); input.people.len()];
        let mut certain = 1;
        for credit in &outcome.credits {
            let open = matches!(credit.rung, Rung::Inferred | Rung::Equal);
            certain += i32::from(!open) + i32::from(credit.rung == Rung::Tagged);
            for share in outcome.shares_of(credit) {
                let (part, q) = (&mut parts[share.person as usize], f64::from(share.ppm) / f64::from(WHOLE));
                if !open {
                    part.certain += q;
                    continue;
                }
                part.open += q;
                part.records += 1.0;
                part.shared += f64::from(i32::from(share.ppm < WHOLE));
                if credit.rung == Rung::Equal {
                    part.unweighed += q * (1.0 - q);
                } else {
                    *part.days.entry(input.records[credit.record as usize].day).or_default() += q * (1.0 - q);
                }
            }
        }
        (parts, f64::from(certain) / (outcome.credits.len() as f64 + 1.0))
    }

    /// The standard deviation of what the model weighed, for a factor of one.
    fn deviation(&self, taught: f64) -> f64 {
        (self.days.values().sum::<f64>() / taught).sqrt()
    }

    /// The interval of the newest rules for a factor.
    pub fn interval(&self, taught: f64, factor: f64) -> (f64, f64) {
        let deviation = ((factor * self.deviation(taught)).powi(2) + (1.5 * self.unweighed).powi(2)).sqrt();
        let reach = 1.645 * deviation;
        // A hair of rounding must not make one record more of it.
        let (low, high) = ((self.open - reach + 1e-6).floor(), (self.open + reach - 1e-6).ceil());
        (self.certain + low.max(0.0), self.certain + high.min(self.records))
    }

    /// The interval of the rules before 3.
    pub fn interval_before(&self) -> (f64, f64) {
        let squares: f64 = self.days.values().map(|doubt| doubt * doubt).sum();
        let reach = 1.645 * 1.5 * (squares + self.unweighed * self.unweighed).sqrt();
        let total = self.certain + self.open;
        ((total - reach).max(self.certain), (total + reach).min(self.certain + self.shared.max(self.open)))
    }

    /// The least factor whose interval holds the truth.
    fn needed(&self, taught: f64, truth: f64) -> f64 {
        let open = truth - self.certain;
        let (low, high) = self.interval(taught, 0.0);
        if low <= truth && truth <= high {
            0.0
        } else if open > self.records {
            f64::INFINITY
        } else {
            ((self.open - open).abs() - 1.0) / 1.645 / self.deviation(taught)
        }
    }
}

/// What became of the interval of one person.
pub struct Held {
    pub size: usize,
    pub percent: u64,
    /// The agents of the group, in one word.
    pub group: String,
    pub holds: bool,
    pub held_before: bool,
    /// In records.
    pub width: f64,
    pub width_before: f64,
    /// The least factor that would have held.
    pub needed: f64,
}

/// The intervals of an outcome, of which `truths` are the true counts; refuses an engine that reckons otherwise than [`Parts`].
pub fn of(input: &Input, outcome: &Attribution, truths: &[u64], percent: u64) -> Vec<Held> {
    let (parts, taught) = Parts::of(input, outcome);
    let factor = f64::from(Policy::default().spread_permille) / 1000.0;
    let group = input.people.iter().map(|agent| agent.key.as_str()).collect::<Vec<_>>().join("|");
    let held = |(person, (part, &truth)): (usize, (&Parts, &u64))| {
        let total = outcome.by_person.iter().find(|total| total.person == person as u32).copied().unwrap_or_default();
        let (low, high) = records(&total);
        let expected = part.interval(taught, factor);
        assert!((low - expected.0).abs() < 1e-3 && (high - expected.1).abs() < 1e-3, "{total:?} is not {expected:?}");
        let truth = truth as f64;
        let (low_before, high_before) = part.interval_before();
        Held {
            size: truths.len(),
            percent,
            group: group.clone(),
            holds: low <= truth && truth <= high,
            // Widths and limits of the rules before are no whole records: as the engine, to a millionth.
            held_before: low_before - 1e-6 <= truth && truth <= high_before + 1e-6,
            width: high - low,
            width_before: high_before - low_before,
            needed: part.needed(taught, truth),
        }
    };
    parts.iter().zip(truths).enumerate().map(held).collect()
}

/// The ends of an interval in records.
pub fn records(total: &Total) -> (f64, f64) {
    (total.low as f64 / f64::from(WHOLE), total.high as f64 / f64::from(WHOLE))
}

/// The part of the intervals of one size and tagged part that `holds`, or their mean `width`.
fn mean(held: &[Held], size: usize, percent: u64, of: impl Fn(&Held) -> f64) -> f64 {
    let of_cell = held.iter().filter(|one| one.size == size && one.percent == percent);
    let (sum, count) = of_cell.fold((0.0, 0.0), |(sum, count), one| (sum + of(one), count + 1.0));
    sum / count
}

/// Whether every interval holds with the factor that holds 90 % of the intervals of all other groups, every size and tagged part counting
/// for as much.
fn left_out(held: &[Held]) -> Vec<bool> {
    let mut cells: BTreeMap<(usize, u64), f64> = BTreeMap::new();
    held.iter().for_each(|one| *cells.entry((one.size, one.percent)).or_default() += 1.0);
    let weight = |one: &Held| 1.0 / cells[&(one.size, one.percent)];
    let mut order: Vec<&Held> = held.iter().collect();
    order.sort_by(|left, right| left.needed.total_cmp(&right.needed));
    let mut factors: BTreeMap<&str, f64> = BTreeMap::new();
    for one in held {
        factors.entry(&one.group).or_insert_with(|| {
            let others = || order.iter().filter(|other| other.group != one.group);
            let all: f64 = others().map(|other| weight(other)).sum();
            let mut below = 0.0;
            let reached = others().find(|other| {
                below += weight(other);
                below >= 0.9 * all
            });
            reached.map_or(0.0, |other| other.needed)
        });
    }
    let (least, most) =
        factors.values().fold((f64::MAX, 0.0_f64), |(least, most), &one| (least.min(one), most.max(one)));
    println!("factor with one group left out: {least:.2} to {most:.2}");
    held.iter().map(|one| one.needed <= factors[one.group.as_str()]).collect()
}

/// What all intervals of one size come to.
pub struct OfSize {
    pub size: usize,
    /// Part that holds, by tagged part.
    pub holds: [f64; 3],
    /// The same, each group with a factor that it had no say in.
    pub left_out: [f64; 3],
    /// Mean width as a part of that of the rules before.
    pub width: f64,
}

impl OfSize {
    /// Prints the table of `docs/attribution.md` and returns its rows.
    pub fn table(held: &[Held], sizes: &[usize]) -> Vec<Self> {
        let left_out = left_out(held);
        let spared: Vec<Held> =
            held.iter().zip(&left_out).map(|(one, &holds)| Held { holds, group: String::new(), ..*one }).collect();
        println!("| agents | intervals | held before | hold | left out | width before | width |");
        let row = |&size: &usize| {
            let of = |held: &[Held], what: &dyn Fn(&Held) -> f64| TAGS.map(|percent| mean(held, size, percent, what));
            let part = |holds: bool| if holds { 1.0 } else { 0.0 };
            let show = |all: [f64; 3], digits: usize| all.map(|one| format!("{one:.digits$}")).join(" ");
            let (holds, spared) = (of(held, &|one| part(one.holds)), of(&spared, &|one| part(one.holds)));
            let (before, width) = (of(held, &|one| one.width_before), of(held, &|one| one.width));
            println!(
                "| {size} | {} | {} | {} | {} | {} | {} |",
                held.iter().filter(|one| one.size == size).count(),
                show(of(held, &|one| part(one.held_before)), 3),
                show(holds, 3),
                show(spared, 3),
                show(before, 1),
                show(width, 1),
            );
            Self { size, holds, left_out: spared, width: width.iter().sum::<f64>() / before.iter().sum::<f64>() }
        };
        sizes.iter().map(row).collect()
    }
}
