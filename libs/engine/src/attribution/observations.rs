//! Records that name their agent where else one of several would stand for it: what [`tag_share`](super::tag_share) learns from.

/// The observations of an account, in the order of its records.
#[derive(Default)]
pub(super) struct Observations {
    /// One per record that names somebody of several on duty.
    pub seen: Vec<Observation>,
    /// Those on duty, by rank; neighbours that saw the same people share them.
    beside: Vec<u32>,
    /// Records with a name from their session: the place, and the person.
    pub lent: Vec<(u32, u32)>,
}

/// A record that names one of several people on duty.
#[derive(Clone, Copy)]
pub(super) struct Observation {
    /// Place of the record in the account.
    pub place: u32,
    /// Rank of the person named.
    pub person: u32,
    /// Those on duty: first in [`Observations::beside`], and how many.
    first: u32,
    pub len: u32,
}

impl Observations {
    /// Adds a record with the name of `person`, its `own` or lent by its session; later than all before it. Nothing where that person
    /// was not among those on duty, by rank.
    pub fn add(&mut self, place: usize, person: u32, on_duty: impl Iterator<Item = u32> + Clone, own: bool) {
        if !on_duty.clone().any(|other| other == person) {
            return;
        }
        if !own {
            self.lent.push((place as u32, person));
            return;
        }
        let same = |last: &&Observation| self.beside(last).iter().copied().eq(on_duty.clone());
        let (first, len) = match self.seen.last().filter(same) {
            Some(last) => (last.first, last.len),
            None => (self.beside.len() as u32, on_duty.clone().count() as u32),
        };
        if first as usize == self.beside.len() {
            self.beside.extend(on_duty);
        }
        self.seen.push(Observation { place: place as u32, person, first, len });
    }

    /// Those on duty.
    pub fn beside(&self, seen: &Observation) -> &[u32] {
        &self.beside[seen.first as usize..(seen.first + seen.len) as usize]
    }
}
