//! The evidence put in order once, so that every account looks things up instead of searching.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span as Days, Timestamp};
use tally_kernel::id::{AccountId, CorrectionId, PersonId};
use tally_kernel::time::{Period, TimeError};
use tally_kernel::{Message, msg};

use super::belonging::Belonging;
use super::findings::{Finding, FindingKind, Moment};
use super::punches::{self, Punched};
use super::repairs::Repair;
use super::spans::{self, Span};
use super::{
    DutyAccount, DutyPerson, Employment, Evidence, Handover, Policy, Punch, PunchKind, Shift, Version, belonging,
};

/// Days beyond the period of which employments are worked out: more than zones, margin and holds can reach.
const REACH_DAYS: i64 = 7;

/// A person with everything known about them. Its place in [`Book::people`] is the order of employee numbers.
pub(super) struct Known<'a> {
    pub person: &'a DutyPerson,
    /// Employed, in any unit.
    pub employed: Vec<Span>,
    /// Employed per unit.
    units: Vec<(&'a Employment, Span)>,
    pub punched: Punched,
    pub belonging: Belonging,
    /// The words for each of `punched.pairs`.
    pub pair_words: Vec<u32>,
    /// Rostered stretches over all accounts; adjoining shifts are one.
    pub rostered: Vec<Span>,
}

impl Known<'_> {
    /// Whether the person is employed in some of a stretch.
    pub fn works_in(&self, stretch: Span) -> bool {
        spans::meet(stretch, &self.employed).next().is_some()
    }

    /// Pairs that lie in no employment, by their beginning, and other punches that do.
    fn strange_punches(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let Punched { pairs, unclosed, unopened, nothing, .. } = &self.punched;
        let pairs = pairs.iter().filter(|pair| !self.works_in(**pair)).map(|pair| pair.start);
        let lone = unclosed.iter().chain(unopened).chain(nothing).copied();
        pairs.chain(lone.filter(|at| !self.employed.iter().any(|days| days.holds(*at))))
    }
}

/// See the module's text.
pub(super) struct Book<'a> {
    pub evidence: &'a Evidence,
    pub people: Vec<Known<'a>>,
    place: HashMap<PersonId, usize>,
    shifts: BTreeMap<AccountId, Vec<&'a Shift>>,
    handovers: BTreeMap<AccountId, Vec<&'a Handover>>,
    /// Whoever served each team, and when; the key is the team's path, empty for everybody.
    teams: BTreeMap<String, Vec<(usize, Vec<Span>)>>,
    words: Vec<String>,
}

impl<'a> Book<'a> {
    pub fn of(evidence: &'a Evidence) -> Result<Self, TimeError> {
        let mut people = evidence.people.iter().map(|p| known(p, evidence.period)).collect::<Result<Vec<_>, _>>()?;
        people.sort_by(|a, b| (&a.person.employee_no, a.person.id).cmp(&(&b.person.employee_no, b.person.id)));
        let place: HashMap<PersonId, usize> = people.iter().enumerate().map(|(i, k)| (k.person.id, i)).collect();
        let mut words = Vec::new();
        read_punches(&mut people, &place, &evidence.punches, evidence.policy.longest, &mut words);
        let shifts = read_shifts(&mut people, &place, &evidence.shifts, &evidence.policy);
        let mut handovers: BTreeMap<AccountId, Vec<&Handover>> = BTreeMap::new();
        for row in &evidence.handovers {
            handovers.entry(row.account).or_default().push(row);
        }
        let teams = members(&people, evidence.accounts.iter().map(|account| account.team.as_deref()));
        Ok(Self { evidence, people, place, shifts, handovers, teams, words })
    }

    /// Whether what somebody did or was to do in a stretch speaks for an account. By version 2 it does not where they are not
    /// employed in any of it; of people whom nobody knows any more it always does.
    pub fn speaks(&self, person: PersonId, stretch: Span) -> bool {
        let known = self.place(person).map(|who| &self.people[who]);
        self.evidence.policy.version < Version::V2 || known.is_none_or(|known| known.works_in(stretch))
    }

    pub fn place(&self, person: PersonId) -> Option<usize> {
        self.place.get(&person).copied()
    }

    /// The shifts that name an account, sorted by start, end and person, each once.
    pub fn shifts(&self, account: AccountId) -> &[&'a Shift] {
        self.shifts.get(&account).map_or(&[], Vec::as_slice)
    }

    pub fn handovers(&self, account: AccountId) -> &[&'a Handover] {
        self.handovers.get(&account).map_or(&[], Vec::as_slice)
    }

    /// Who may serve the account, with the stretches in which they were employed there, by employee number.
    pub fn team(&self, account: &DutyAccount) -> &[(usize, Vec<Span>)] {
        self.teams.get(account.team.as_deref().unwrap_or_default()).map_or(&[], Vec::as_slice)
    }

    pub fn word(&self, id: u32) -> &str {
        self.words.get(id as usize).map_or("", String::as_str)
    }

    /// The instants of the period in a zone.
    pub fn period(&self, zone: &TimeZone) -> Result<Span, TimeError> {
        let range = self.evidence.period.instants(zone)?;
        Ok(Span { start: range.start, end: range.end })
    }

    /// The period with a day before and a day after it.
    pub fn window(&self, zone: &TimeZone) -> Result<Span, TimeError> {
        let range = widened(self.evidence.period, 1)?.instants(zone)?;
        Ok(Span { start: range.start, end: range.end })
    }

    /// An instant by the clock of a zone, as findings tell it.
    pub fn moment(&self, at: Timestamp, zone: &TimeZone) -> Moment {
        Moment::new(at, zone, self.evidence.policy.version)
    }

    /// What is odd about the punches of those who have to do with the accounts.
    pub fn punch_findings(&self, accounts: &[&DutyAccount]) -> Result<Vec<Finding>, TimeError> {
        let mut concerned = BTreeSet::new();
        for account in accounts {
            concerned.extend(self.team(account).iter().map(|(who, _)| *who));
            concerned.extend(self.shifts(account.id).iter().filter_map(|s| self.place(s.person)));
            concerned.extend(self.handovers(account.id).iter().filter_map(|h| self.place(h.person)));
        }
        let mut findings = Vec::new();
        for who in concerned {
            let known = &self.people[who];
            let period = self.period(&known.person.zone)?;
            let number = &known.person.employee_no;
            let mut note = |kind, at: &[Timestamp], detail: &dyn Fn(&Moment) -> (Message, Option<Repair>)| {
                let inside = at.iter().filter(|at| period.holds(**at));
                let inside = inside.map(|at| self.moment(*at, &known.person.zone));
                findings.extend(inside.map(|at| {
                    let (detail, repair) = detail(&at);
                    Finding::new(kind, number, Some(at), detail).about(known.person.id).repaired_by(repair)
                }));
            };
            note(FindingKind::DoubleIn, &known.punched.doubles, &|at| (msg!("DUTY_DOUBLE_IN", number, at), None));
            note(FindingKind::MissingPunch, &known.punched.unclosed, &|at| {
                (self.unclosed(known, at), self.out_of(known, at.at))
            });
            note(FindingKind::MissingPunch, &known.punched.unopened, &|at| self.unopened(known, at));
            if self.evidence.policy.version >= Version::V2 {
                note(FindingKind::MissingPunch, &known.punched.nothing, &|at| {
                    (msg!("DUTY_IN_AND_OUT_AT_ONCE", number, at), None)
                });
            }
        }
        if self.evidence.policy.version >= Version::V2 {
            for known in &self.people {
                let period = self.period(&known.person.zone)?;
                let strange = known.strange_punches().filter(|at| period.holds(*at));
                let strange = strange.map(|at| self.moment(at, &known.person.zone));
                let number = &known.person.employee_no;
                let detail = |at: &Moment| msg!("DUTY_PUNCH_NOT_EMPLOYED", number, at);
                let found = |at: Moment| Finding::new(FindingKind::NotEmployed, number, Some(at.clone()), detail(&at));
                let found = |at: Moment| found(at).about(known.person.id);
                findings.extend(strange.map(found));
            }
        }
        Ok(findings)
    }

    /// What is said of an `in` without its `out`, which may still come where the punches end before its time is over.
    fn unclosed(&self, known: &Known<'_>, at: &Moment) -> Message {
        let (policy, number) = (&self.evidence.policy, &known.person.employee_no);
        match self.evidence.last_punch.filter(|last| last.duration_since(at.at) < policy.longest) {
            Some(last) if policy.version >= Version::V2 => {
                msg!("DUTY_OUT_MAY_COME", number, at, last = self.moment(last, &known.person.zone))
            }
            _ if policy.version >= Version::V2 => msg!("DUTY_LONE_IN", number, at, hours = policy.longest.as_hours()),
            _ => msg!("DUTY_IN_WITHOUT_OUT", number, at, hours = policy.longest.as_hours()),
        }
    }

    /// What is said of an `out` that closes nothing. There may well be an `in` before it, which another `out` closed.
    fn unopened(&self, known: &Known<'_>, at: &Moment) -> (Message, Option<Repair>) {
        let (number, longest) = (&known.person.employee_no, self.evidence.policy.longest);
        let punched = &known.punched;
        let before = |of: &[Timestamp]| of[..of.partition_point(|x| *x < at.at)].last().copied();
        let recent = before(&punched.ins).filter(|x| at.at.duration_since(*x) <= longest);
        match (self.evidence.policy.version >= Version::V2, recent, before(&punched.outs)) {
            (true, Some(_), Some(out)) => {
                (msg!("DUTY_OUT_AFTER_CLOSED_IN", number, at, out = self.moment(out, &known.person.zone)), None)
            }
            (true, _, _) => (msg!("DUTY_LONE_OUT", number, at, hours = longest.as_hours()), self.in_of(known, at.at)),
            (false, _, _) => (msg!("DUTY_OUT_WITHOUT_IN", number, at, hours = longest.as_hours()), None),
        }
    }

    /// The out that an `in` lacks: at the end of the rostered time that it belongs to, once punches are known beyond that.
    fn out_of(&self, known: &Known<'_>, at: Timestamp) -> Option<Repair> {
        let (grace, longest) = (self.evidence.policy.grace, self.evidence.policy.longest);
        let mut planned = known.rostered.iter().filter(|span| before(span.start, grace) <= at && at < span.end);
        let end = planned.next()?.end;
        let over = self.evidence.last_punch.is_some_and(|last| end <= last);
        let unique = planned.next().is_none() && end.duration_since(at) <= longest;
        let free = !known.punched.at.iter().any(|other| at < *other && *other <= end);
        (over && unique && free).then_some(Repair::Punch { person: known.person.id, at: end, kind: PunchKind::Out })
    }

    /// The in that an `out` lacks: at the beginning of the rostered time that it belongs to.
    fn in_of(&self, known: &Known<'_>, at: Timestamp) -> Option<Repair> {
        let (grace, longest) = (self.evidence.policy.grace, self.evidence.policy.longest);
        let mut planned = known.rostered.iter().filter(|span| span.start < at && before(at, grace) <= span.end);
        let start = planned.next()?.start;
        let unique = planned.next().is_none() && at.duration_since(start) <= longest;
        let free = !known.punched.at.iter().any(|other| start <= *other && *other < at);
        (unique && free).then_some(Repair::Punch { person: known.person.id, at: start, kind: PunchKind::In })
    }
}

fn before(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// `days` more on both sides.
fn widened(period: Period, days: i64) -> Result<Period, TimeError> {
    let days = Days::new().days(days);
    let from = period.from().checked_sub(days).map_err(|_| TimeError::OutOfRange)?;
    let to = period.to().checked_add(days).map_err(|_| TimeError::OutOfRange)?;
    Period::new(from, to)
}

fn known(person: &DutyPerson, period: Period) -> Result<Known<'_>, TimeError> {
    let reach = widened(period, REACH_DAYS)?;
    let mut units = Vec::new();
    for employment in &person.employments {
        let from = employment.from.max(reach.from());
        let to = employment.to.unwrap_or(Date::MAX).min(reach.to());
        if let Ok(days) = Period::new(from, to) {
            let range = days.instants(&person.zone)?;
            units.extend(Span::new(range.start, range.end).map(|span| (employment, span)));
        }
    }
    let employed = spans::union(units.iter().map(|u| u.1).collect());
    let (punched, belonging, pair_words, rostered) = (Punched::default(), Belonging::default(), Vec::new(), Vec::new());
    Ok(Known { person, employed, units, punched, belonging, pair_words, rostered })
}

fn read_punches(
    people: &mut [Known<'_>],
    place: &HashMap<PersonId, usize>,
    punches: &[Punch],
    longest: SignedDuration,
    words: &mut Vec<String>,
) {
    let mut corrected: Vec<&Punch> = punches.iter().filter(|punch| punch.correction.is_some()).collect();
    corrected.sort_by_key(|punch| (punch.at, punch.kind, punch.correction));
    let mut per_person: Vec<Vec<(Timestamp, PunchKind)>> = vec![Vec::new(); people.len()];
    for punch in punches {
        if let Some(who) = place.get(&punch.person) {
            per_person[*who].push((punch.at, punch.kind));
        }
    }
    for (known, punches) in people.iter_mut().zip(per_person) {
        known.punched = punches::pair(&punches, longest);
        for pair in &known.punched.pairs {
            known.pair_words.push(u32::try_from(words.len()).unwrap_or(u32::MAX));
            let mut word = format!("punch:{}@{}/{}", known.person.employee_no, pair.start, pair.end);
            let ends =
                corrected.iter().filter(|p| p.person == known.person.id && [pair.start, pair.end].contains(&p.at));
            corrections(&mut word, ends.map(|punch| punch.correction));
            words.push(word);
        }
    }
}

/// Adds the corrections that brought the facts of some evidence.
pub(super) fn corrections(word: &mut String, of: impl Iterator<Item = Option<CorrectionId>>) {
    for id in of.flatten() {
        word.push_str(&format!("+correction:{id}"));
    }
}

fn read_shifts<'a>(
    people: &mut [Known<'_>],
    place: &HashMap<PersonId, usize>,
    all: &'a [Shift],
    policy: &Policy,
) -> BTreeMap<AccountId, Vec<&'a Shift>> {
    let mut rostered: Vec<Vec<Span>> = vec![Vec::new(); people.len()];
    let mut shifts: BTreeMap<AccountId, Vec<&Shift>> = BTreeMap::new();
    for shift in all {
        if let Some(span) = Span::new(shift.start, shift.end) {
            shifts.entry(shift.account).or_default().push(shift);
            if let Some(who) = place.get(&shift.person) {
                rostered[*who].push(span);
            }
        }
    }
    for (known, mut spans) in people.iter_mut().zip(rostered) {
        spans.sort_unstable();
        known.belonging = belonging::of(&known.punched, &spans, policy);
        known.rostered = spans::union(spans);
    }
    for of_account in shifts.values_mut() {
        of_account.sort_by_key(|s| (s.start, s.end, s.person, s.correction));
        of_account.dedup();
    }
    shifts
}

/// Whoever served each of these teams, and when; of none, which is everybody, by the empty path.
fn members<'t>(
    people: &[Known<'_>],
    teams: impl Iterator<Item = Option<&'t str>>,
) -> BTreeMap<String, Vec<(usize, Vec<Span>)>> {
    let mut all: BTreeMap<String, Vec<(usize, Vec<Span>)>> =
        teams.map(|team| (team.unwrap_or_default().to_owned(), Vec::new())).collect();
    for (who, known) in people.iter().enumerate() {
        let mut there: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
        for (employment, span) in &known.units {
            for team in employment.units.iter().map(String::as_str).chain([""]) {
                there.entry(team).or_default().push(*span);
            }
        }
        for (team, spans) in there {
            if let Some(members) = all.get_mut(team) {
                members.push((who, spans::union(spans)));
            }
        }
    }
    all
}
