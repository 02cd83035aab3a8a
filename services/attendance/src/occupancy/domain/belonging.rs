//! Which working day a person's punches are of, by version 2 of the rules.
//!
//! A punch does not stand alone: an `in` and what closes it are one stretch of presence, and the stretch goes with the
//! shift that it serves, whatever the time of day at which it ends. So the `out` at six in the morning that closes the
//! night before is no punch of the night to come.

use jiff::{SignedDuration, Timestamp};

use super::Policy;
use super::punches::Punched;
use super::spans::Span;

/// How a person's stretches of presence belong to their shifts.
#[derive(Default)]
pub(super) struct Belonging {
    /// The instants by which the stretches find their working days, sorted: the start of each shift that a stretch is of,
    /// or the stretch's own beginning where it is of none.
    pub anchors: Vec<Timestamp>,
    /// The shifts that a pair is of, sorted.
    pub served: Vec<Span>,
}

/// To which shifts each stretch belongs:
///
/// - A pair is of the shift that it covers longest, grace included, and of each other whose planned time it covers for
///   longer than the grace. It is of none where it touches none.
/// - A lone `out` is of the shift whose end is nearest, among those that had begun at most the longest stretch before.
/// - A lone `in` is of the shift whose start is nearest, among those within whose time, grace included, it lies.
///
/// `shifts` are the person's on all accounts, sorted.
pub(super) fn of(punched: &Punched, shifts: &[Span], policy: &Policy) -> Belonging {
    let shifts = Shifts { all: shifts, policy, longest: shifts.iter().map(|s| length(*s)).max().unwrap_or_default() };
    let Belonging { mut anchors, mut served } = Belonging::default();
    for pair in &punched.pairs {
        let of = shifts.of_pair(*pair);
        push(&mut anchors, of.iter().map(|shift| shift.start).collect(), pair.start);
        served.extend(of);
    }
    for out in &punched.unopened {
        push(&mut anchors, shifts.of_out(*out), *out);
    }
    for lone in punched.unclosed.iter().chain(&punched.nothing) {
        push(&mut anchors, shifts.of_in(*lone), *lone);
    }
    anchors.sort_unstable();
    anchors.dedup();
    served.sort_unstable();
    Belonging { anchors, served }
}

fn push(anchors: &mut Vec<Timestamp>, starts: Vec<Timestamp>, itself: Timestamp) {
    if starts.is_empty() {
        anchors.push(itself);
    }
    anchors.extend(starts);
}

struct Shifts<'a> {
    all: &'a [Span],
    policy: &'a Policy,
    /// Of the longest shift: none that begins earlier before an instant can touch it.
    longest: SignedDuration,
}

impl Shifts<'_> {
    fn of_pair(&self, pair: Span) -> Vec<Span> {
        let covered = |span: Span| span.meet(pair).map_or(SignedDuration::ZERO, length);
        let touched: Vec<(Span, SignedDuration)> =
            self.near(pair).map(|shift| (shift, covered(reach(shift, self.policy.grace)))).collect();
        let most = touched.iter().map(|(_, long)| *long).filter(|long| long.is_positive()).max();
        let of = |(shift, long): &&(Span, SignedDuration)| Some(*long) == most || covered(*shift) > self.policy.grace;
        touched.iter().filter(of).map(|(shift, _)| *shift).collect()
    }

    fn of_out(&self, at: Timestamp) -> Vec<Timestamp> {
        let first = at.saturating_sub(self.policy.longest).unwrap_or(Timestamp::MIN);
        let begun = self.all[self.all.partition_point(|s| s.start < first)..].iter();
        let begun = begun.take_while(|s| reach(**s, self.policy.grace).start <= at);
        nearest(begun.map(|s| (s.end.duration_since(at).abs(), s.start)))
    }

    fn of_in(&self, at: Timestamp) -> Vec<Timestamp> {
        let around = self.near(Span { start: at, end: at });
        let held = around.filter(|shift| reach(*shift, self.policy.grace).holds(at));
        nearest(held.map(|s| (s.start.duration_since(at).abs(), s.start)))
    }

    /// All shifts that can touch a stretch, and some more.
    fn near(&self, stretch: Span) -> impl Iterator<Item = Span> + '_ {
        let margin = self.longest.saturating_add(self.policy.grace);
        let first = stretch.start.saturating_sub(margin).unwrap_or(Timestamp::MIN);
        let last = stretch.end.saturating_add(self.policy.grace).unwrap_or(Timestamp::MAX);
        let from = self.all.partition_point(|s| s.start < first);
        self.all[from..].iter().take_while(move |s| s.start <= last).copied()
    }
}

/// The starts of those that are nearest; several where they are equally near.
fn nearest(found: impl Iterator<Item = (SignedDuration, Timestamp)>) -> Vec<Timestamp> {
    let found: Vec<_> = found.collect();
    let least = found.iter().map(|(distance, _)| *distance).min();
    found.into_iter().filter(|(distance, _)| Some(*distance) == least).map(|(_, start)| start).collect()
}

/// A shift with its grace.
pub(super) fn reach(shift: Span, grace: SignedDuration) -> Span {
    Span {
        start: shift.start.saturating_sub(grace).unwrap_or(Timestamp::MIN),
        end: shift.end.saturating_add(grace).unwrap_or(Timestamp::MAX),
    }
}

fn length(span: Span) -> SignedDuration {
    span.end.duration_since(span.start)
}
