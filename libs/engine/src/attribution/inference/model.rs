//! What the inference knows about people, and how it learns it.

use super::blocks::{Block, DURATIONS, Field};

/// Classes of pauses: overlap, sixteen single seconds, then four to every doubling.
pub(super) const PAUSES: usize = 1 + 16 + 4 * 12;
/// Observations that the common habits of pauses count for beside a person's own.
const PAUSE_PRIOR: f64 = 60.0;
/// Observations that the common durations count for beside a person's own.
const DURATION_PRIOR: f64 = 20.0;
/// Observations that the common kinds count for beside a person's own.
const KIND_PRIOR: f64 = 4.0;
/// Part of a duration class that is spread over its neighbours.
const SMOOTHING: f64 = 0.5;
/// Overlaps expected before anything is learnt.
const OVERLAP: f64 = 0.02;
/// Densities are per this many seconds, which keeps products near one.
const UNIT_SECONDS: f64 = 100.0;

/// Expected counts of pauses.
pub(super) type Pauses = [f64; PAUSES];

/// The class of a pause of `ms` milliseconds; less than nothing is an overlap.
pub(super) fn pause_class(ms: i32) -> usize {
    if ms < 0 {
        return 0;
    }
    let seconds = ms as u32 / 1000;
    if seconds < 16 {
        return 1 + seconds as usize;
    }
    let octave = seconds.ilog2();
    let quarter = ((seconds >> (octave - 2)) & 3) as usize;
    (17 + (octave as usize - 4) * 4 + quarter).min(PAUSES - 1)
}

/// First second and width in seconds of a class of pauses other than overlap.
fn class_span(class: usize) -> (f64, f64) {
    if class < 17 {
        return ((class - 1) as f64, 1.0);
    }
    let octave = (class - 17) / 4 + 4;
    let width = (1u64 << (octave - 2)) as f64;
    ((1u64 << octave) as f64 + width * ((class - 17) % 4) as f64, width)
}

/// Expected counts of one person on one account.
#[derive(Clone)]
pub(super) struct Counts {
    /// Pauses between two records.
    pub pause: Pauses,
    /// From the start of a stretch of duty to the first record.
    pub lead: Pauses,
    /// From the last record to the end of the stretch.
    pub trail: Pauses,
    /// Records by class of duration.
    pub duration: [f64; DURATIONS],
    /// Records by kind.
    pub kind: Vec<f64>,
}

impl Counts {
    /// No counts.
    pub fn none(kinds: usize) -> Self {
        Self {
            pause: [0.0; PAUSES],
            lead: [0.0; PAUSES],
            trail: [0.0; PAUSES],
            duration: [0.0; DURATIONS],
            kind: vec![0.0; kinds],
        }
    }

    fn cells(&mut self) -> impl Iterator<Item = &mut f64> {
        let pauses = self.pause.iter_mut().chain(&mut self.lead).chain(&mut self.trail);
        pauses.chain(&mut self.duration).chain(&mut self.kind)
    }

    fn add(&mut self, other: &mut Self, factor: f64) {
        for (mine, theirs) in self.cells().zip(other.cells()) {
            *mine += factor * *theirs;
        }
    }
}

/// What one person's records on one account weigh.
pub(super) struct Habits {
    /// Density of pauses.
    pub pause: Pauses,
    /// Density of the time to the first record.
    pub lead: Pauses,
    /// Density of the time after the last.
    pub trail: Pauses,
    /// Likelihood of a class of duration, relative to everybody's.
    pub duration: [f64; DURATIONS],
    /// Likelihood of a kind, relative to everybody's.
    pub kind: Vec<f64>,
}

/// The parameters of all (account, person) pairs.
pub(super) struct Model {
    /// Account rank by pair.
    account: Vec<u32>,
    mean_seconds: Vec<f64>,
    counts: Vec<Counts>,
    /// Habits by pair.
    pub habits: Vec<Habits>,
    /// Number of kinds.
    pub kinds: usize,
}

impl Model {
    /// Everybody has the same plausible pauses; durations and kinds are those of the records that are certain.
    pub fn new(field: &Field, blocks: &[Block]) -> Self {
        let mut model = Self::plain(field);
        for block in blocks {
            for step in block.steps.iter().filter(|step| step.len == 1) {
                let pair = block.pairs[block.seats[step.first as usize].pair as usize];
                let counts = &mut model.counts[pair as usize];
                counts.duration[step.duration as usize] += 1.0;
                counts.kind[step.kind as usize] += 1.0;
            }
        }
        let plain = std::mem::replace(&mut model.habits, Self::plain(field).habits);
        model.refit(false);
        for (habits, plain) in model.habits.iter_mut().zip(plain) {
            (habits.pause, habits.lead, habits.trail) = (plain.pause, plain.lead, plain.trail);
        }
        model
    }

    /// Nobody is known yet.
    fn plain(field: &Field) -> Self {
        let account: Vec<u32> = field.pairs.iter().map(|&(account, _)| account).collect();
        let habits = account
            .iter()
            .map(|&account| {
                let flat = [1.0 / PAUSES as f64; PAUSES];
                let mean = field.mean_seconds[account as usize];
                Habits {
                    pause: density(&first_guess(), mean),
                    lead: density(&flat, mean),
                    trail: density(&flat, mean),
                    duration: [1.0; DURATIONS],
                    kind: vec![1.0; field.kinds],
                }
            })
            .collect();
        let counts = vec![Counts::none(field.kinds); account.len()];
        Self { account, mean_seconds: field.mean_seconds.clone(), counts, habits, kinds: field.kinds }
    }

    /// Lets go of a part of what was counted.
    pub fn forget(&mut self, part: f64) {
        self.counts.iter_mut().flat_map(Counts::cells).for_each(|count| *count *= 1.0 - part);
    }

    /// Adds what was counted by pair of a block.
    pub fn absorb(&mut self, block: &Block, counted: &mut [Counts], part: f64) {
        for (&pair, counts) in block.pairs.iter().zip(counted) {
            self.counts[pair as usize].add(counts, part);
        }
    }

    /// Turns counts into habits; `personal` says whether people have pauses of their own yet.
    pub fn refit(&mut self, personal: bool) {
        let mut from = 0;
        while from < self.account.len() {
            let to = from + self.account[from..].partition_point(|&account| account <= self.account[from]);
            let mut pool = Counts::none(self.kinds);
            self.counts[from..to].iter_mut().for_each(|counts| pool.add(counts, 1.0));
            let mean = self.mean_seconds[self.account[from] as usize];
            let pause = normal(&pool.pause, 0.5);
            let lead = density(&normal(&pool.lead, 0.05), mean);
            let trail = density(&normal(&pool.trail, 0.05), mean);
            for pair in from..to {
                let (counts, habits) = (&self.counts[pair], &mut self.habits[pair]);
                let own = if personal { toward(&counts.pause, &pause, PAUSE_PRIOR) } else { pause };
                habits.pause = density(&own, mean);
                (habits.lead, habits.trail) = (lead, trail);
                habits.duration = relative_durations(&counts.duration, &pool.duration);
                habits.kind = relative_kinds(&counts.kind, &pool.kind);
            }
            from = to;
        }
    }
}

/// Pauses before anything is learnt: exponential with a mean of 200 seconds and a long tail.
fn first_guess() -> Pauses {
    let mut guess: Pauses = std::array::from_fn(|class| {
        if class == 0 {
            return 0.0;
        }
        let (from, width) = class_span(class);
        width * libm::exp(-from / 200.0) + 1e-3
    });
    let total: f64 = guess.iter().sum();
    guess.iter_mut().for_each(|weight| *weight *= (1.0 - OVERLAP) / total);
    guess[0] = OVERLAP;
    guess
}

/// Probabilities per class as densities; an overlap can fall anywhere in a mean record.
fn density(probability: &Pauses, mean_seconds: f64) -> Pauses {
    std::array::from_fn(|class| {
        let width = if class == 0 { mean_seconds } else { class_span(class).1 };
        probability[class] * UNIT_SECONDS / width
    })
}

/// Counts as probabilities, with `prior` in every class.
fn normal(counts: &Pauses, prior: f64) -> Pauses {
    let total = counts.iter().sum::<f64>() + prior * PAUSES as f64;
    counts.map(|count| (count + prior) / total)
}

/// A person's own probabilities, drawn towards the common ones.
fn toward(counts: &Pauses, common: &Pauses, prior: f64) -> Pauses {
    let total = counts.iter().sum::<f64>() + prior;
    std::array::from_fn(|class| (counts[class] + prior * common[class]) / total)
}

fn relative_durations(own: &[f64; DURATIONS], pool: &[f64; DURATIONS]) -> [f64; DURATIONS] {
    let smooth = |counts: &[f64; DURATIONS]| -> [f64; DURATIONS] {
        std::array::from_fn(|class| {
            let (below, above) = (class.saturating_sub(1), (class + 1).min(DURATIONS - 1));
            (1.0 - SMOOTHING) * counts[class] + SMOOTHING / 2.0 * (counts[below] + counts[above])
        })
    };
    let (own, pool) = (smooth(own), smooth(pool));
    let (total, all) = (own.iter().sum::<f64>(), pool.iter().sum::<f64>().max(1.0));
    std::array::from_fn(|class| {
        let common = (pool[class] + 0.1) / (all + 0.1 * DURATIONS as f64);
        (own[class] + DURATION_PRIOR * common) / (total + DURATION_PRIOR) / common
    })
}

fn relative_kinds(own: &[f64], pool: &[f64]) -> Vec<f64> {
    let (total, all) = (own.iter().sum::<f64>(), pool.iter().sum::<f64>().max(1.0));
    own.iter()
        .zip(pool)
        .map(|(own, pool)| {
            let common = (pool + 0.1) / (all + 0.1);
            (own + KIND_PRIOR * common) / (total + KIND_PRIOR) / common
        })
        .collect()
}
