//! How people on one account answer: the parameters of the reply model, and the counts that they are learnt from.

use super::traffic::{Before, CLASSES, PAUSES, Step, Traffic};

/// Edges, in seconds, of the classes of pauses between two replies of one person.
const GAP_EDGES: [i64; GAPS + 1] = [
    0, 15, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 960, 1_440, 1_920, 2_880, 3_840, 5_760, 7_680, 11_520, 15_360,
    23_040, 30_720, 46_080, 90_000,
];
/// Classes of pauses.
pub(super) const GAPS: usize = 24;
/// Edges, in seconds, of how long a stretch of duty lasts before its first reply and after its last.
const EDGE_EDGES: [i64; EDGES + 1] = [0, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 90_000];
/// Classes of beginnings and ends.
pub(super) const EDGES: usize = 7;

/// The powers that what a dialogue and a kind of reply say is raised to: neighbouring replies say some things twice.
const STAY_POWER: f64 = 0.4;
const PROFILE_POWER: f64 = 0.7;
/// Replies' worth of the common habit in a person's own pauses.
const GAP_PRIOR: f64 = 10.0;
/// Replies' worth of evenness in the common pauses.
const POOL_PRIOR: f64 = 5.0;
/// Observations' worth of the first guess that a dialogue stays with whoever wrote last: without them it feeds itself.
const STAY_PRIOR: f64 = 100.0;
/// That guess.
const STAY_GUESS: f64 = 0.7;
/// Replies' worth of the common profile in a person's own.
const PROFILE_PRIOR: f64 = 5.0;
/// How much less likely than the rarest end a stretch is in which its person wrote nothing: to the power of e.
const SILENCE: f64 = 4.0;
/// Beginnings and ends before anything is learnt.
const EDGE_GUESS: [f64; EDGES] = [0.6, 0.15, 0.1, 0.06, 0.04, 0.03, 0.02];

/// The class of a time span among edges.
fn class(edges: &[i64], span_ms: i64) -> usize {
    edges.partition_point(|edge| edge * 1_000 <= span_ms).clamp(1, edges.len() - 1) - 1
}

/// The class of a pause between two replies of one person.
pub(super) fn gap_class(span_ms: i64) -> usize {
    class(&GAP_EDGES, span_ms)
}

/// The class of the beginning or the end of a stretch of duty.
pub(super) fn edge_class(span_ms: i64) -> usize {
    class(&EDGE_EDGES, span_ms)
}

/// Seconds that a class of spans covers.
fn width(edges: &[i64], class: usize) -> f64 {
    (edges[class + 1] - edges[class]) as f64
}

/// What was seen, in expected replies.
#[derive(Clone)]
pub(super) struct Counts {
    /// Pauses by person.
    pub gap: Vec<[f64; GAPS]>,
    pub lead: [f64; EDGES],
    pub trail: [f64; EDGES],
    /// Dialogues that stayed with whoever wrote last, by the pause in them, and those that did not.
    pub stayed: [f64; PAUSES],
    pub left: [f64; PAUSES],
    /// Kinds of replies by person.
    pub profile: Vec<[f64; CLASSES]>,
}

impl Counts {
    /// Nothing yet, of so many people.
    pub fn none(people: usize) -> Self {
        Self {
            gap: vec![[0.0; GAPS]; people],
            lead: [0.0; EDGES],
            trail: [0.0; EDGES],
            stayed: [0.0; PAUSES],
            left: [0.0; PAUSES],
            profile: vec![[0.0; CLASSES]; people],
        }
    }

    /// Adds a reply: by whom, the class of the pause before it ([`GAPS`] and more of the beginning of a stretch), and whether its
    /// dialogue stayed (1), went on with somebody else (2) or neither.
    pub fn see(&mut self, step: &Step, person: usize, span: u8, stay: u8, weight: f64) {
        match usize::from(span).checked_sub(GAPS) {
            None => self.gap[person][usize::from(span)] += weight,
            Some(class) => self.lead[class] += weight,
        }
        if let Before::Today { pause, .. } = step.before {
            match stay {
                1 => self.stayed[usize::from(pause)] += weight,
                2 => self.left[usize::from(pause)] += weight,
                _ => {}
            }
        }
        self.profile[person][usize::from(step.class)] += weight;
    }

    /// Adds those of a day.
    pub fn add(&mut self, other: &Self) {
        let gaps = self.gap.iter_mut().flatten().zip(other.gap.iter().flatten());
        let profiles = self.profile.iter_mut().flatten().zip(other.profile.iter().flatten());
        let edges = self.lead.iter_mut().chain(&mut self.trail).zip(other.lead.iter().chain(&other.trail));
        let stays = self.stayed.iter_mut().chain(&mut self.left).zip(other.stayed.iter().chain(&other.left));
        gaps.chain(profiles).chain(edges).chain(stays).for_each(|(mine, theirs)| *mine += theirs);
    }
}

/// The parameters, as the factors that a weight is multiplied by: each already to its power.
pub(super) struct Habits {
    /// Density of a pause, by person.
    pub gap: Vec<[f64; GAPS]>,
    pub lead: [f64; EDGES],
    pub trail: [f64; EDGES],
    /// Of a stretch without a reply.
    pub silent: f64,
    /// Of staying with whoever wrote last, by the pause in the dialogue; of going to one of the others.
    pub stay: [f64; PAUSES],
    pub go: [f64; PAUSES],
    /// Probability of a kind of reply, by person.
    pub profile: Vec<[f64; CLASSES]>,
    /// What it is worth that a record names nobody, and a reply no device of somebody, by person: one where all say alike.
    pub unsaid: Vec<[f64; 2]>,
    /// Probability of staying over night, and of going to one of the others.
    overnight: (f64, f64),
}

/// A weight above zero to a power.
pub(super) fn raised(weight: f64, power: f64) -> f64 {
    libm::exp(power * libm::log(weight))
}

impl Habits {
    /// What it is worth that a dialogue of an earlier day is of somebody who wrote last there with this probability.
    pub fn overnight(&self, held: f64) -> f64 {
        let (stay, go) = self.overnight;
        raised(held * stay + (1.0 - held) * go, STAY_POWER)
    }

    /// The logarithms of the factors; what the nights are worth as it is.
    pub fn logs(&self) -> Self {
        let log = |factor: f64| libm::log(factor);
        Self {
            gap: self.gap.iter().map(|own| own.map(log)).collect(),
            lead: self.lead.map(log),
            trail: self.trail.map(log),
            silent: log(self.silent),
            stay: self.stay.map(log),
            go: self.go.map(log),
            profile: self.profile.iter().map(|own| own.map(log)).collect(),
            unsaid: self.unsaid.clone(),
            overnight: self.overnight,
        }
    }

    /// Before anything is learnt but which kinds of replies come to whom, from equal shares.
    pub fn first(traffic: &Traffic, counts: &Counts) -> Self {
        let mass: [f64; GAPS] =
            std::array::from_fn(|class| width(&GAP_EDGES, class) / (GAP_EDGES[class + 1] as f64).sqrt());
        let total: f64 = mass.iter().sum();
        let gap = mass.map(|mass| mass / total);
        Self::of(traffic, vec![gap; traffic.people.len()], (&EDGE_GUESS, &EDGE_GUESS), [STAY_GUESS; PAUSES], counts)
    }

    /// From what was counted.
    pub fn learnt(traffic: &Traffic, counts: &Counts) -> Self {
        let mut pool = [0.0; GAPS];
        counts.gap.iter().for_each(|own| pool.iter_mut().zip(own).for_each(|(sum, count)| *sum += count));
        let span = (GAP_EDGES[GAPS] - GAP_EDGES[0]) as f64;
        let even = |class: usize| POOL_PRIOR * width(&GAP_EDGES, class) / span + 0.2;
        let pool: [f64; GAPS] = std::array::from_fn(|class| pool[class] + even(class));
        let all: f64 = pool.iter().sum();
        let own = |own: &[f64; GAPS]| {
            let total = own.iter().sum::<f64>() + GAP_PRIOR;
            std::array::from_fn(|class| (own[class] + GAP_PRIOR * pool[class] / all) / total)
        };
        let gap = counts.gap.iter().map(own).collect();
        let edge = |counts: &[f64; EDGES]| {
            let total = counts.iter().sum::<f64>() + 0.5 * EDGES as f64;
            counts.map(|count| (count + 0.5) / total)
        };
        let stay = std::array::from_fn(|pause| {
            let (stayed, left) = (counts.stayed[pause], counts.left[pause]);
            (stayed + STAY_GUESS * STAY_PRIOR) / (stayed + left + STAY_PRIOR)
        });
        Self::of(traffic, gap, (&edge(&counts.lead), &edge(&counts.trail)), stay, counts)
    }

    fn of(
        traffic: &Traffic,
        gap: Vec<[f64; GAPS]>,
        (lead, trail): (&[f64; EDGES], &[f64; EDGES]),
        stay: [f64; PAUSES],
        counts: &Counts,
    ) -> Self {
        // The more people a reply may be of, the more what is learnt from it feeds itself.
        let power = 1.0 / traffic.mean_open.max(1.0).sqrt();
        let gap = gap
            .into_iter()
            .map(|own| std::array::from_fn(|class| raised(own[class] / width(&GAP_EDGES, class), power)));
        let edge = |mass: &[f64; EDGES]| -> [f64; EDGES] {
            std::array::from_fn(|class| raised(mass[class] / width(&EDGE_EDGES, class), power))
        };
        let trail = edge(trail);
        let rarest = trail.iter().copied().fold(f64::INFINITY, f64::min);
        let others = traffic.mean_on_duty.max(1.5) - 1.0;
        Self {
            gap: gap.collect(),
            lead: edge(lead),
            trail,
            silent: rarest * libm::exp(-SILENCE * power),
            stay: stay.map(|stay| raised(stay, STAY_POWER)),
            go: stay.map(|stay| raised((1.0 - stay) / others, STAY_POWER)),
            profile: profiles(&counts.profile),
            unsaid: vec![[1.0; 2]; traffic.people.len()],
            overnight: (stay[PAUSES - 1], (1.0 - stay[PAUSES - 1]) / others),
        }
    }
}

/// Everybody's probabilities of kinds of replies, drawn towards the common ones.
fn profiles(counts: &[[f64; CLASSES]]) -> Vec<[f64; CLASSES]> {
    let mut pool = [0.5; CLASSES];
    counts.iter().for_each(|own| pool.iter_mut().zip(own).for_each(|(sum, count)| *sum += count));
    let all: f64 = pool.iter().sum();
    let own = |own: &[f64; CLASSES]| {
        let total = own.iter().sum::<f64>() + PROFILE_PRIOR;
        std::array::from_fn(|class| raised((own[class] + PROFILE_PRIOR * pool[class] / all) / total, PROFILE_POWER))
    };
    counts.iter().map(own).collect()
}
