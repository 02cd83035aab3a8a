//! Which sign told the two likeliest writers of a record's replies apart most, day by day, while what was known at each reply is at hand.

use super::super::why::{Pause, ReplyKind, Sign, SignKind, seconds, two_largest};
use super::beam::{self, Seen};
use super::habits::Habits;
use super::traffic::{Before, Day, LATENCIES, Step, Traffic};

/// What spoke for the second is told from this on: an odds ratio of 1.28.
const LEAST_AGAINST: f64 = 0.25;

/// States that are less likely say nothing that shows.
const LEAST_CHANCE: f64 = 0.005;

/// What was found of a record on a day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note {
    pub place: u32,
    /// The likeliest and the second likeliest writer of its replies of that day, by their places in [`Traffic::people`].
    pub people: [u16; 2],
    pub sign: Sign,
    pub against: Option<SignKind>,
    /// How much the sign told, as the logarithm of an odds ratio.
    strength: f32,
}

impl Note {
    /// The one of a record's notes that tells most for the first of two people against the second.
    pub fn best(notes: &[Self], people: [u16; 2]) -> Option<&Self> {
        let mine = notes.iter().filter(|note| note.people == people);
        mine.reduce(|best, note| if note.strength > best.strength { note } else { best })
    }
}

/// A person at a reply: the place among its seats, the place among the people.
type At = (usize, u16);

/// Reads what was seen on a day, its weights being the final ones: a note for each of its records that several may have answered.
///
/// `before` are the weights of all seats that the nights were reckoned with.
///
/// `logs` are the logarithms of the habits.
pub(super) fn of_day(
    (traffic, day): (&Traffic, &Day),
    (habits, logs): (&Habits, &Habits),
    (before, weights): (&[f64], &[f64]),
    seen: &Seen,
) -> Vec<Note> {
    let mut steps: Vec<(usize, usize)> = seen.replies.iter().map(|(place, ..)| *place).zip(0..).collect();
    steps.sort_by_key(|(place, _)| (traffic.steps[*place].place, *place));
    let reader = Reader { traffic, day, logs, habits, before, seen };
    let base = traffic.seats_of_day(day).start;
    let records = steps.chunk_by(|(one, _), (other, _)| traffic.steps[*one].place == traffic.steps[*other].place);
    records.filter_map(|replies| reader.record(replies, weights, base)).collect()
}

struct Reader<'a> {
    traffic: &'a Traffic,
    day: &'a Day,
    habits: &'a Habits,
    /// The logarithms of the same.
    logs: &'a Habits,
    before: &'a [f64],
    seen: &'a Seen,
}

impl Reader<'_> {
    /// What told of one record; `replies` are the places of its steps and of what was seen at them.
    fn record(&self, replies: &[(usize, usize)], weights: &[f64], base: usize) -> Option<Note> {
        let (mut people, mut sums): (Vec<u16>, Vec<f64>) = (Vec::new(), Vec::new());
        let of_step = |place: usize| {
            let step = &self.traffic.steps[place];
            self.traffic.seats_of(step).iter().zip(&weights[step.first as usize - base..])
        };
        for (place, _) in replies {
            for (seat, weight) in of_step(*place) {
                let at = people.partition_point(|known| *known < seat.person);
                if people.get(at) != Some(&seat.person) {
                    people.insert(at, seat.person);
                    sums.insert(at, 0.0);
                }
                sums[at] += weight;
            }
        }
        let [first, second] = two_largest(&sums)?;
        let pair = [people[first], people[second]];
        let (mut logs, mut best, mut present, mut alone) = ([0.0; 4], [(f64::MIN, (0, 0)); 4], [0_u16; 2], 0.0);
        for reply in replies {
            let seat = |person| {
                self.traffic.seats_of(&self.traffic.steps[reply.0]).iter().position(|seat| seat.person == person)
            };
            let seats = pair.map(seat);
            present
                .iter_mut()
                .zip(seats)
                .for_each(|(count, seat)| *count = count.saturating_add(u16::from(seat.is_some())));
            let [Some(one), Some(other)] = seats else {
                let own = of_step(reply.0).filter(|(seat, _)| seat.person == pair[0]);
                alone += own.map(|(_, weight)| weight).sum::<f64>();
                continue;
            };
            let told = self.reply(*reply, (one, pair[0]), (other, pair[1]));
            for sign in 0..logs.len() {
                logs[sign] += told[sign];
                if told[sign] > best[sign].0 {
                    best[sign] = (told[sign], *reply);
                }
            }
        }
        let largest = two_largest(&logs).map_or(0, |[largest, _]| largest);
        let least =
            logs.iter().copied().zip(SignKind::ALL).reduce(|least, one| if one.0 < least.0 { one } else { least });
        let against = least.filter(|(log, _)| *log < -LEAST_AGAINST).map(|(_, kind)| kind);
        let sign = if alone > (sums[first] - sums[second]) / 2.0 {
            Sign::Duty {
                first: present[0],
                second: present[1],
                replies: u16::try_from(replies.len()).unwrap_or(u16::MAX),
            }
        } else if logs[largest] > 0.0 {
            self.sign(SignKind::ALL[largest], best[largest].1, pair)
        } else {
            Sign::Together
        };
        let place = self.traffic.steps[replies[0].0].place;
        Some(Note { place, people: pair, sign, against, strength: logs[largest] as f32 })
    }

    /// By each sign, the expected logarithm of how much more it spoke at a reply for one person than for another.
    fn reply(&self, (place, number): (usize, usize), one: At, other: At) -> [f64; 4] {
        let step = &self.traffic.steps[place];
        let (mut hands, mut thread, mut device) = (0.0, 0.0, 0.0);
        let (mut lasts, mut ratio) = (None, 0.0);
        for (chance, sights) in self.seen.states(number, usize::from(step.len)) {
            if chance < LEAST_CHANCE {
                continue;
            }
            let [mine, theirs] = [one, other].map(|at| &sights[at.0]);
            // States mostly say the same.
            if lasts.replace((mine.last, theirs.last)) != Some((mine.last, theirs.last)) {
                ratio = self.hands(step, mine.last, one) - self.hands(step, theirs.last, other);
            }
            hands += chance * ratio;
            if mine.stay != theirs.stay {
                thread += chance * (self.stay(step, mine.stay) - self.stay(step, theirs.stay));
            }
            if mine.sits != theirs.sits {
                device += chance * libm::log(f64::from(mine.sits) / f64::from(theirs.sits));
            }
        }
        if let Before::Earlier(_) = step.before {
            let night = |at: At| beam::overnight(self.traffic, self.habits, self.before, step, at.1);
            let [mine, theirs] = [one, other].map(night);
            thread += libm::log(mine / theirs);
        }
        if let Some(owner) = step.owner.map(usize::from).filter(|owner| [one.0, other.0].contains(owner)) {
            let owned = |at: At| beam::same_hands(owner == at.0, usize::from(step.len));
            device += libm::log(owned(one) / owned(other));
        }
        let profile = |at: At| self.logs.profile[usize::from(at.1)][usize::from(step.class)];
        [hands, thread, profile(one) - profile(other), device]
    }

    /// What a pause since this reply of the day spoke for somebody.
    fn hands(&self, step: &Step, last: u32, at: At) -> f64 {
        let seat = self.traffic.seats_of(step)[at.0];
        let from = self.traffic.stretches[seat.stretch as usize].from;
        beam::gap(self.traffic, self.day, self.logs, (usize::from(at.1), from), last, step.at).0
    }

    fn stay(&self, step: &Step, stay: u8) -> f64 {
        match (step.before, stay) {
            (Before::Today { pause, .. }, 1) => self.logs.stay[usize::from(pause)],
            (Before::Today { pause, .. }, 2) => self.logs.go[usize::from(pause)],
            _ => 0.0,
        }
    }

    /// A sign with what makes it understood, by the reply at which it told most.
    fn sign(&self, kind: SignKind, (place, number): (usize, usize), pair: [u16; 2]) -> Sign {
        let step = &self.traffic.steps[place];
        let seats = self.traffic.seats_of(step);
        match kind {
            SignKind::Hands => {
                let [first, second] = pair.map(|person| {
                    let seat = seats.iter().position(|seat| seat.person == person).unwrap_or_default();
                    self.pause(step, number, seat)
                });
                Sign::Hands { first, second }
            }
            SignKind::Thread => {
                let (Before::Today { place: before, .. } | Before::Earlier(before)) = step.before else {
                    return Sign::Together;
                };
                Sign::Thread { seconds: seconds(step.at - self.traffic.steps[before as usize].until) }
            }
            SignKind::Profile => {
                let kinds = [ReplyKind::First, ReplyKind::Message, ReplyKind::Nothing];
                let kind = kinds[(usize::from(step.class) / LATENCIES).min(kinds.len() - 1)];
                Sign::Profile { kind, wait: Some(step.wait).filter(|wait| *wait < u32::MAX) }
            }
            SignKind::Device => {
                let owner = step.owner.map(|owner| seats[usize::from(owner)].person);
                Sign::Device { owned: owner == Some(pair[0]) }
            }
        }
    }

    /// How long before a reply somebody had most likely written, or else had come on duty.
    fn pause(&self, step: &Step, number: usize, seat: usize) -> Pause {
        let mut chances: Vec<(u32, f64)> = Vec::new();
        for (chance, sights) in self.seen.states(number, usize::from(step.len)) {
            match chances.iter_mut().find(|(last, _)| *last == sights[seat].last) {
                Some((_, sum)) => *sum += chance,
                None => chances.push((sights[seat].last, chance)),
            }
        }
        let likeliest = chances.into_iter().reduce(|best, one| if one.1 > best.1 { one } else { best });
        let at = |last: u32| self.traffic.steps[self.day.steps.start + last as usize].until;
        let last = likeliest.and_then(|(last, _)| last.checked_sub(1)).map(at);
        let stretch = self.traffic.seats_of(step)[seat].stretch;
        let since = last.unwrap_or(self.traffic.stretches[stretch as usize].from);
        Pause { seconds: seconds(step.at - since), wrote: last.is_some() }
    }
}
