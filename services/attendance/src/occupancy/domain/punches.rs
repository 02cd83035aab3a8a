//! Punch pairs: `in` to the next `out` within the longest stretch; a second `in` closes the first.

use jiff::{SignedDuration, Timestamp};

use super::PunchKind;
use super::spans::Span;

/// What one person's punches amount to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Punched {
    /// Every instant at which the person punched, sorted.
    pub at: Vec<Timestamp>,
    /// The `in`s, sorted.
    pub ins: Vec<Timestamp>,
    /// The `out`s, sorted.
    pub outs: Vec<Timestamp>,
    /// The pairs, sorted; they may touch but never overlap.
    pub pairs: Vec<Span>,
    /// Second `in`s.
    pub doubles: Vec<Timestamp>,
    /// `in`s without their `out`.
    pub unclosed: Vec<Timestamp>,
    /// `out`s without their `in`.
    pub unopened: Vec<Timestamp>,
    /// An `in` and an `out` at once by somebody who was not in.
    pub nothing: Vec<Timestamp>,
}

/// Pairs one person's punches, in any order and with repetitions. An `in` and an `out` of the same instant are a
/// leaving and coming back when the person was in, and nothing when not.
pub(super) fn pair(punches: &[(Timestamp, PunchKind)], longest: SignedDuration) -> Punched {
    let mut sorted = punches.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut out = Punched::default();
    let mut open: Option<Timestamp> = None;
    for same in sorted.chunk_by(|a, b| a.0 == b.0) {
        let at = same[0].0;
        out.at.push(at);
        let came = same.iter().any(|p| p.1 == PunchKind::In);
        let left = same.iter().any(|p| p.1 == PunchKind::Out);
        if came {
            out.ins.push(at);
        }
        if left {
            out.outs.push(at);
        }
        // Whoever punched in too long ago is not in any more.
        out.unclosed.extend(open.take_if(|since| at.duration_since(*since) > longest));
        match open {
            Some(since) => {
                out.pairs.extend(Span::new(since, at));
                if !left {
                    out.doubles.push(at);
                }
                open = came.then_some(at);
            }
            None if came && left => out.nothing.push(at),
            None if came => open = Some(at),
            None => out.unopened.push(at),
        }
    }
    out.unclosed.extend(open);
    out
}
