//! The rules once more, for one instant of one account, as they are told in words: slow, without spans, sets or order.
//! What it shares with the engine is the types of the facts.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tally_kernel::time::{working_day, working_day_span};

use super::world::any_world;
use super::*;

/// What is asked of the whole period before any instant is looked at.
struct Whole {
    named_by_roster: bool,
    handed_over: bool,
    punched: bool,
}

/// Looks every ten minutes: the random facts lie on such a raster.
fn whole(e: &Evidence, account: &DutyAccount) -> Whole {
    let period = e.period.instants(&account.zone).unwrap();
    let raster = || (0_i64..).map(|n| period.start + SignedDuration::from_mins(n * 10)).take_while(|m| *m < period.end);
    let mut named = e.shifts.iter().filter(|s| s.account == account.id && s.start < s.end);
    let named_by_roster = named.any(|s| s.start < period.end && s.end > period.start && is_of_somebody(e, s));
    let mut log = e.handovers.iter().filter(|h| h.account == account.id);
    let logged = log.any(|h| period.contains(&h.at) && speaks(e, h.person, h.at));
    let punched = e.people.iter().any(|p| {
        let mut own = e.punches.iter().filter(|x| x.person == p.id);
        own.any(|x| period.contains(&x.at) && of_team(account, p, x.at))
            || raster().any(|m| of_team(account, p, m) && pair_covering(e, p, m))
    });
    let handed_over =
        logged || e.people.iter().any(|p| raster().any(|m| speaks(e, p.id, m) && holds(e, account, p, m)));
    Whole { named_by_roster, handed_over, punched }
}

/// Who is on duty at `t`, and by which rule.
fn on_duty(e: &Evidence, account: &DutyAccount, whole: &Whole, t: Timestamp) -> Option<(Rule, BTreeSet<PersonId>)> {
    let all = |rule, test: &dyn Fn(&DutyPerson) -> bool| {
        let who: BTreeSet<_> = e.people.iter().filter(|p| employed(p, t) && test(p)).map(|p| p.id).collect();
        (!who.is_empty()).then_some((rule, who))
    };
    let strong = all(Rule::Handover, &|p| holds(e, account, p, t) && !on_break(e, account, p, t));
    let strong = strong.or_else(|| all(Rule::Roster, &|p| rostered(e, account, p, t)));
    if strong.is_some() || whole.named_by_roster {
        return strong;
    }
    let present = all(Rule::Punch, &|p| of_team(account, p, t) && pair_covering(e, p, t));
    if present.is_some() || whole.handed_over || whole.punched {
        return present;
    }
    all(Rule::Team, &|p| of_team(account, p, t))
}

/// Whether a shift can speak for an account.
pub(super) fn is_of_somebody(e: &Evidence, shift: &Shift) -> bool {
    let raster = (0_i64..).map(|n| shift.start + SignedDuration::from_mins(n * 10));
    raster.take_while(|m| *m < shift.end).any(|m| speaks(e, shift.person, m))
}

/// Whether what somebody does then can speak for an account.
pub(super) fn speaks(e: &Evidence, person: PersonId, at: Timestamp) -> bool {
    let known = e.people.iter().find(|p| p.id == person);
    e.policy.version == Version::V1 || known.is_none_or(|p| employed(p, at))
}

pub(super) fn employed(p: &DutyPerson, t: Timestamp) -> bool {
    let day = p.zone.to_datetime(t).date();
    p.employments.iter().any(|x| x.from <= day && x.to.is_none_or(|to| day <= to))
}

pub(super) fn of_team(account: &DutyAccount, p: &DutyPerson, t: Timestamp) -> bool {
    let day = p.zone.to_datetime(t).date();
    let current = p.employments.iter().filter(|x| x.from <= day && x.to.is_none_or(|to| day <= to));
    current.into_iter().any(|x| match &account.team {
        None => true,
        Some(team) => x.units.contains(team),
    })
}

/// The latest punch up to `t` counts: an `in` then, and within the longest stretch some later punch.
pub(super) fn pair_covering(e: &Evidence, p: &DutyPerson, t: Timestamp) -> bool {
    let own = |kind, test: &dyn Fn(Timestamp) -> bool| {
        e.punches.iter().filter(|x| x.person == p.id && x.kind == kind && test(x.at)).map(|x| x.at).collect::<Vec<_>>()
    };
    let Some(since) = own(PunchKind::In, &|at| at <= t).into_iter().max() else { return false };
    if own(PunchKind::Out, &|at| at > since && at <= t).into_iter().max().is_some() {
        return false;
    }
    // An `in` together with an `out` only counts for somebody who was in just before.
    if !own(PunchKind::Out, &|at| at == since).is_empty() {
        let before = since - SignedDuration::from_nanos(1);
        if !pair_covering_until(e, p, before, since) {
            return false;
        }
    }
    let next = own(PunchKind::In, &|at| at > since).into_iter().chain(own(PunchKind::Out, &|at| at > since)).min();
    next.is_some_and(|next| next.duration_since(since) <= e.policy.longest)
}

/// As [`pair_covering`] for the instant just before `end`, where the pair may end at `end`.
fn pair_covering_until(e: &Evidence, p: &DutyPerson, before: Timestamp, end: Timestamp) -> bool {
    let mut earlier = e.clone();
    earlier.punches.retain(|x| x.person == p.id && x.at < end);
    earlier.punches.push(Punch { person: p.id, at: end, kind: PunchKind::Out, correction: None });
    pair_covering(&earlier, p, before)
}

fn rostered(e: &Evidence, account: &DutyAccount, p: &DutyPerson, t: Timestamp) -> bool {
    let grace = e.policy.grace;
    let cut_over = e.policy.cut_over.unwrap_or(account.cut_over);
    e.shifts.iter().filter(|s| s.account == account.id && s.person == p.id && s.start < s.end).any(|s| {
        let reaches = |t: Timestamp| s.start - grace <= t && t < s.end + grace;
        let day = working_day_span(working_day(s.start, &account.zone, cut_over), &account.zone, cut_over).unwrap();
        let punched = match e.policy.version {
            Version::V1 => {
                let its_day = day.start.min(s.start - grace)..day.end.max(s.end + grace);
                e.punches.iter().any(|x| x.person == p.id && its_day.contains(&x.at))
            }
            Version::V2 | Version::V3 => {
                presences(e, p).iter().any(|presence| presence.days(e, p).iter().any(|x| day.contains(x)))
            }
        };
        is_of_somebody(e, s) && reaches(t) && (!punched || pair_covering(e, p, t))
    })
}

/// A time at which somebody was there, or a punch that speaks of one.
enum Presence {
    Pair(Timestamp, Timestamp),
    LoneIn(Timestamp),
    LoneOut(Timestamp),
}

/// Told from what covers what: a pair begins at each punch from which on the person is there until the next one.
fn presences(e: &Evidence, p: &DutyPerson) -> Vec<Presence> {
    let own = |at: Timestamp, kind| e.punches.iter().any(|x| x.person == p.id && x.at == at && x.kind == kind);
    let times: BTreeSet<Timestamp> = e.punches.iter().filter(|x| x.person == p.id).map(|x| x.at).collect();
    let mut found = Vec::new();
    for at in &times {
        let there_before = times.range(..at).next_back().is_some_and(|before| pair_covering(e, p, *before));
        if pair_covering(e, p, *at) {
            let next = times.iter().find(|next| *next > at).unwrap();
            found.push(Presence::Pair(*at, *next));
        } else if own(*at, PunchKind::In) {
            found.push(Presence::LoneIn(*at));
        } else if !there_before {
            found.push(Presence::LoneOut(*at));
        }
    }
    found
}

impl Presence {
    /// The instants that say of which working days it is: starts of the shifts that it serves, or its own beginning.
    fn days(&self, e: &Evidence, p: &DutyPerson) -> Vec<Timestamp> {
        let grace = e.policy.grace;
        let own: Vec<&Shift> = e.shifts.iter().filter(|s| s.person == p.id && s.start < s.end).collect();
        let common = |from: Timestamp, to: Timestamp, start: Timestamp, end: Timestamp| {
            SignedDuration::ZERO.max(to.min(end).duration_since(from.max(start)))
        };
        let (itself, served): (_, Vec<&Shift>) = match *self {
            Self::Pair(from, to) => {
                let touch = |s: &Shift| common(from, to, s.start - grace, s.end + grace);
                let most = own.iter().map(|s| touch(s)).max().unwrap_or_default();
                let serves =
                    |s: &&Shift| !touch(s).is_zero() && (touch(s) == most || common(from, to, s.start, s.end) > grace);
                (from, own.into_iter().filter(serves).collect())
            }
            Self::LoneIn(at) => {
                let near: Vec<&Shift> =
                    own.into_iter().filter(|s| s.start - grace <= at && at < s.end + grace).collect();
                let far = |s: &Shift| s.start.duration_since(at).abs();
                let least = near.iter().map(|s| far(s)).min();
                (at, near.into_iter().filter(|s| Some(far(s)) == least).collect())
            }
            Self::LoneOut(at) => {
                let begun = |s: &&Shift| s.start - grace <= at && at.duration_since(s.start) <= e.policy.longest;
                let begun: Vec<&Shift> = own.into_iter().filter(begun).collect();
                let far = |s: &Shift| s.end.duration_since(at).abs();
                let least = begun.iter().map(|s| far(s)).min();
                (at, begun.into_iter().filter(|s| Some(far(s)) == least).collect())
            }
        };
        if served.is_empty() { vec![itself] } else { served.iter().map(|s| s.start).collect() }
    }
}

pub(super) fn holds(e: &Evidence, account: &DutyAccount, p: &DutyPerson, t: Timestamp) -> bool {
    let log = |kind, test: &dyn Fn(Timestamp) -> bool| {
        let own = e.handovers.iter().filter(|h| h.account == account.id && h.person == p.id && h.kind == kind);
        own.map(|h| h.at).filter(|at| test(*at)).collect::<BTreeSet<_>>()
    };
    let Some(since) = log(HandoverKind::Take, &|at| at <= t).last().copied() else { return false };
    if log(HandoverKind::Release, &|at| at > since && at <= t).last().is_some() {
        return false;
    }
    if log(HandoverKind::Release, &|at| at == since).last().is_some() {
        // A take and a release at once: only who held it before goes on. Somebody did when the log before says so.
        let mut open = false;
        let before: BTreeSet<_> = log(HandoverKind::Take, &|at| at < since);
        let released: BTreeSet<_> = log(HandoverKind::Release, &|at| at < since);
        for at in before.union(&released) {
            open = match (before.contains(at), released.contains(at)) {
                (true, true) => open,
                (take, _) => take,
            };
        }
        if !open {
            return false;
        }
    }
    let next_take = log(HandoverKind::Take, &|at| at > since).first().copied();
    let release = log(HandoverKind::Release, &|at| at > since).first().copied();
    let released = release.is_some_and(|r| next_take.is_none_or(|take| r <= take));
    released || !implied_end_passed(e, p, since, t)
}

/// Whether somebody who holds an account has punched out, and comes back while that hold lasts.
fn on_break(e: &Evidence, account: &DutyAccount, p: &DutyPerson, t: Timestamp) -> bool {
    if e.policy.version < Version::V3 {
        return false;
    }
    let log = || e.handovers.iter().filter(|h| h.account == account.id && h.person == p.id).map(|h| h.at);
    let punches = |kind| e.punches.iter().filter(move |x| x.person == p.id && x.kind == kind).map(|x| x.at);
    let Some(since) = log().filter(|at| *at <= t).max() else { return false };
    let Some(out) = punches(PunchKind::Out).filter(|at| *at > since && *at <= t).max() else { return false };
    let Some(back) = punches(PunchKind::In).filter(|at| *at >= out).min() else { return false };
    back > t && back.duration_since(out) <= e.policy.longest && !log().any(|at| at > t && at <= back)
}

/// Whether an unreleased hold taken at `since` is over at `t`.
fn implied_end_passed(e: &Evidence, p: &DutyPerson, since: Timestamp, t: Timestamp) -> bool {
    let out = e.punches.iter().any(|x| x.person == p.id && x.kind == PunchKind::Out && x.at > since && x.at <= t);
    let own = |s: &&Shift| s.person == p.id && s.start < s.end;
    // A roster end: an end of a shift that no other shift runs on from.
    let ends = e.shifts.iter().filter(own).map(|s| s.end).filter(|end| *end > since && *end <= t);
    let goes_on = |end: Timestamp| e.shifts.iter().filter(own).any(|s| s.start <= end && end < s.end);
    out || ends.into_iter().any(|end| !goes_on(end)) || t.duration_since(since) >= e.policy.longest
}

/// Every instant at which anything can change, and one just before each.
pub(super) fn instants(e: &Evidence, account: &DutyAccount) -> BTreeSet<Timestamp> {
    let mut edges: Vec<Timestamp> = e.punches.iter().map(|p| p.at).collect();
    edges.extend(e.punches.iter().map(|p| p.at + e.policy.longest));
    edges.extend(e.handovers.iter().flat_map(|h| [h.at, h.at + e.policy.longest]));
    edges.extend(e.shifts.iter().flat_map(|s| [s.start, s.end, s.start - e.policy.grace, s.end + e.policy.grace]));
    for p in &e.people {
        for x in &p.employments {
            let days = [Some(x.from), x.to.and_then(|to| to.tomorrow().ok())];
            edges.extend(days.into_iter().flatten().map(|day| {
                p.zone
                    .to_ambiguous_zoned(day.to_datetime(jiff::civil::Time::midnight()))
                    .compatible()
                    .unwrap()
                    .timestamp()
            }));
        }
    }
    let day = SignedDuration::from_hours(20);
    let period = e.period.instants(&account.zone).unwrap();
    edges.extend([period.start, period.end]);
    let near = edges.into_iter().flat_map(|at| [at - SignedDuration::from_secs(1), at]);
    near.filter(|at| period.start - day <= *at && *at < period.end + day).collect()
}

/// The evidence as it is collected for these accounts alone: of the people of their teams and those whom a shift or a
/// hand-over of theirs names.
fn about(e: &Evidence, only: &[DutyAccount]) -> Evidence {
    let of = |id: AccountId| only.iter().any(|a| a.id == id);
    let in_team = |p: &DutyPerson, a: &DutyAccount| {
        p.employments.iter().any(|x| a.team.as_ref().is_none_or(|team| x.units.contains(team)))
    };
    let named: BTreeSet<PersonId> = e.shifts.iter().filter(|s| of(s.account)).map(|s| s.person).collect();
    let holders: BTreeSet<PersonId> = e.handovers.iter().filter(|h| of(h.account)).map(|h| h.person).collect();
    let mut e = Evidence { accounts: only.to_vec(), ..e.clone() };
    e.handovers.retain(|h| of(h.account));
    e.people.retain(|p| named.contains(&p.id) || holders.contains(&p.id) || only.iter().any(|a| in_team(p, a)));
    let kept: BTreeSet<PersonId> = e.people.iter().map(|p| p.id).collect();
    e.punches.retain(|p| kept.contains(&p.person));
    e.shifts.retain(|s| kept.contains(&s.person) || of(s.account));
    e
}

fn shuffled(e: &Evidence, seed: usize) -> Evidence {
    let mut e = e.clone();
    fn turn<T>(rows: &mut [T], by: usize) {
        rows.reverse();
        let n = rows.len();
        if n > 0 {
            rows.rotate_left(by % n);
        }
    }
    turn(&mut e.people, seed);
    turn(&mut e.accounts, seed);
    turn(&mut e.shifts, seed);
    turn(&mut e.punches, seed);
    turn(&mut e.handovers, seed);
    e
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_algebra_says_what_the_rules_say_at_every_instant(e in any_world()) {
        let duty = derive(&e).unwrap();
        for occupied in &duty.accounts {
            let account = e.accounts.iter().find(|a| a.id == occupied.account).unwrap();
            let whole = whole(&e, account);
            for t in instants(&e, account) {
                let rows: Vec<&Row> = occupied.rows.iter().filter(|r| r.start <= t && t < r.end).collect();
                let who: BTreeSet<PersonId> = rows.iter().map(|r| r.person).collect();
                prop_assert_eq!(who.len(), rows.len(), "a person twice at {}", t);
                let found = rows.first().map(|r| (r.rule, who));
                prop_assert!(rows.windows(2).all(|two| two[0].rule == two[1].rule), "two rules at {}", t);
                prop_assert_eq!(found, on_duty(&e, account, &whole, t), "{} at {}", &account.key, t);
            }
        }
    }

    #[test]
    fn the_answer_about_an_account_is_its_part_of_the_answer_about_all(e in any_world()) {
        let all = derive(&about(&e, &e.accounts)).unwrap();
        let mut told = BTreeSet::new();
        for account in &e.accounts {
            let one = derive(&about(&e, std::slice::from_ref(account))).unwrap();
            let part = all.accounts.iter().find(|a| a.account == account.id).unwrap();
            prop_assert_eq!(&one.accounts[0], part, "{}", &account.key);
            told.extend(one.findings.iter().map(|f| format!("{f:?}")));
        }
        prop_assert_eq!(told, all.findings.iter().map(|f| format!("{f:?}")).collect::<BTreeSet<_>>());
    }

    #[test]
    fn the_order_of_the_facts_and_their_repetition_change_nothing(e in any_world(), seed in 0_usize..9) {
        let mut twice = shuffled(&e, seed);
        twice.shifts.extend(e.shifts.clone());
        twice.punches.extend(e.punches.clone());
        twice.handovers.extend(e.handovers.clone());
        prop_assert_eq!(derive(&e).unwrap(), derive(&twice).unwrap());
    }

    #[test]
    fn rows_are_sorted_joined_and_within_a_day_of_the_period(e in any_world()) {
        let duty = derive(&e).unwrap();
        for occupied in &duty.accounts {
            let account = e.accounts.iter().find(|a| a.id == occupied.account).unwrap();
            let margin = Period::new(e.period.from().yesterday().unwrap(), e.period.to().tomorrow().unwrap()).unwrap();
            let window = margin.instants(&account.zone).unwrap();
            let number = |id| e.people.iter().find(|p| p.id == id).map(|p| p.employee_no.clone());
            prop_assert!(occupied.rows.is_sorted_by_key(|r| (r.start, number(r.person))));
            for (i, row) in occupied.rows.iter().enumerate() {
                prop_assert!(window.start <= row.start && row.start < row.end && row.end <= window.end);
                prop_assert_eq!(row.evidence.is_empty(), row.rule == Rule::Team);
                let touching = occupied.rows[i + 1..].iter().find(|r| r.person == row.person && r.rule == row.rule && r.start <= row.end);
                prop_assert!(touching.is_none(), "{:?} and {:?}", row, touching);
            }
        }
    }
}
