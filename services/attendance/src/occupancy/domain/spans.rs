//! Half-open stretches of time and the little algebra the duty rules need: meet, minus, union.
//!
//! A *set* here is a slice of spans that is sorted and whose members neither overlap nor touch, as [`union`] makes it.

use jiff::Timestamp;

/// From `start` up to, and without, `end`; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
}

impl Span {
    /// The stretch, or nothing where it would be empty or backwards.
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// What both have in common.
    pub fn meet(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// Whether the instant lies in it.
    pub fn holds(self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

/// The members of `set` that have something in common with `span`, cut to it.
pub fn meet(span: Span, set: &[Span]) -> impl Iterator<Item = Span> + '_ {
    let first = set.partition_point(|s| s.end <= span.start);
    set[first..].iter().take_while(move |s| s.start < span.end).filter_map(move |s| s.meet(span))
}

/// What is left of `span` without the members of `set`.
pub fn minus(span: Span, set: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    let mut from = span.start;
    for hole in meet(span, set) {
        left.extend(Span::new(from, hole.start));
        from = hole.end;
    }
    left.extend(Span::new(from, span.end));
    left
}

/// All instants of any of the spans, as a set.
pub fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut set: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match set.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => set.push(span),
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64) -> Span {
        let at = |s| Timestamp::from_second(s).unwrap();
        Span { start: at(start), end: at(end) }
    }

    #[test]
    fn a_union_joins_what_touches_and_minus_gives_back_the_holes() {
        let set = union(vec![span(20, 30), span(0, 5), span(5, 9), span(25, 40)]);
        assert_eq!(set, [span(0, 9), span(20, 40)]);
        assert_eq!(minus(span(3, 50), &set), [span(9, 20), span(40, 50)]);
        assert_eq!(meet(span(3, 25), &set).collect::<Vec<_>>(), [span(3, 9), span(20, 25)]);
        assert_eq!(minus(span(21, 39), &set), []);
        assert_eq!(minus(span(9, 20), &set), [span(9, 20)]);
        assert!(Span::new(span(5, 6).start, span(5, 6).start).is_none());
    }
}
