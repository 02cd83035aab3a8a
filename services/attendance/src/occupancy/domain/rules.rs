//! The rules, laid over each other from the strongest to the weakest.

use jiff::{SignedDuration, Timestamp};
use tally_kernel::time::{TimeError, working_day, working_day_span};
use tally_kernel::{Message, msg};

use super::book::{self, Book, Known};
use super::findings::{Finding, FindingKind, Moment};
use super::spans::{self, Span};
use super::{DutyAccount, Row, Rule, Shift, Version, belonging, holds};

/// A person was on duty by one rule because of one or two facts.
pub(super) struct Claim {
    /// Place in the book.
    who: usize,
    span: Span,
    /// The evidence in words: of the account's own fact, and of a punch pair.
    own: String,
    punch: Option<u32>,
}

/// The rows of one account, and what is odd about its evidence.
pub(super) fn apply(
    book: &Book<'_>,
    account: &DutyAccount,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Row>, TimeError> {
    let (period, window) = (book.period(&account.zone)?, book.window(&account.zone)?);
    let holds = holds::of(book, account, period, findings);
    let of = |who: usize| book.people[who].person.id;
    let held_in = |h: &holds::Hold| h.span.meet(period).is_some_and(|span| book.speaks(of(h.who), span));
    let at = |at: Timestamp| Span { start: at, end: at.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(at) };
    let mut log = book.handovers(account.id).iter();
    let handed_over = holds.iter().any(held_in) || log.any(|h| period.holds(h.at) && book.speaks(h.person, at(h.at)));
    let in_period = |s: &Shift| s.start < period.end && period.start < s.end;
    let speaks = |s: &Shift| book.speaks(s.person, Span { start: s.start, end: s.end });
    let rostered = book.shifts(account.id).iter().any(|s| in_period(s) && speaks(s));
    let punched = book.team(account).iter().any(|(who, there)| has_punched(&book.people[*who], there, period));

    let mut layers = Layers { window, covered: Vec::new(), rows: Vec::new() };
    layers.add(book, Rule::Handover, held(book, account, &holds));
    let (planned, counted) = on_roster(book, account, (period, window), findings)?;
    layers.add(book, Rule::Roster, planned);
    if !rostered {
        layers.add(book, Rule::Punch, by_punches(book, account, window));
        if !handed_over && !punched {
            layers.add(book, Rule::Team, whole_team(book, account));
            findings.push(no_evidence(book, account, period));
        }
    }
    let rows = layers.finish();
    findings.extend(counted.iter().filter_map(|shift| held_by_others(book, account, shift, period, &rows)));
    let served = rows.iter().any(|r| r.start < period.end && period.start < r.end);
    if !served && (rostered || handed_over || punched) {
        let detail = msg!("DUTY_NOBODY", account = account.key);
        findings.push(Finding::new(FindingKind::UnheldAccount, &account.key, None, detail));
    }
    Ok(rows)
}

fn no_evidence(book: &Book<'_>, account: &DutyAccount, period: Span) -> Finding {
    let team = account.called.as_ref().or(account.team.as_ref());
    let (team, scope) = team.map_or(("", "all"), |team| (team.as_str(), "team"));
    let all = book.team(account).iter();
    let detail = match book.evidence.policy.version {
        Version::V1 => msg!("DUTY_NO_EVIDENCE_V1", account = account.key, scope, team, people = all.len()),
        Version::V2 | Version::V3 => {
            let people = all.filter(|(_, there)| spans::meet(period, there).next().is_some()).count();
            msg!("DUTY_NO_EVIDENCE", account = account.key, scope, team, people)
        }
    };
    Finding::new(FindingKind::NoDutyEvidence, &account.key, None, detail)
}

fn has_punched(known: &Known<'_>, there: &[Span], period: Span) -> bool {
    let punched = &known.punched;
    let first = punched.at.partition_point(|at| *at < period.start);
    let inside = punched.at[first..].iter().take_while(|at| **at < period.end);
    let instant = |at: &Timestamp| there.iter().any(|s| s.holds(*at));
    inside.into_iter().any(instant)
        || spans::meet(period, &punched.pairs).any(|pair| spans::meet(pair, there).next().is_some())
}

/// (a) hand-over holds, but for punched breaks.
fn held(book: &Book<'_>, account: &DutyAccount, holds: &[holds::Hold]) -> Vec<Claim> {
    let mut corrected: Vec<_> = book.handovers(account.id).iter().filter(|h| h.correction.is_some()).collect();
    corrected.sort_by_key(|h| (h.at, h.kind, h.correction));
    let mut claims = Vec::new();
    for hold in holds {
        let known = &book.people[hold.who];
        let mut own = format!("handover:{}@{}", known.person.employee_no, hold.span.start);
        let by = corrected.iter().filter(|h| h.person == known.person.id && hold.rests_on(h.at, h.kind));
        book::corrections(&mut own, by.map(|h| h.correction));
        let breaks = holds::breaks(book, hold);
        for span in spans::meet(hold.span, &known.employed).flat_map(|span| spans::minus(span, &breaks)) {
            claims.push(Claim { who: hold.who, span, own: own.clone(), punch: None });
        }
    }
    claims
}

/// (b) the roster, where no punch speaks against it; and the shifts of the period that count by it.
fn on_roster<'b>(
    book: &Book<'b>,
    account: &DutyAccount,
    (period, window): (Span, Span),
    findings: &mut Vec<Finding>,
) -> Result<(Vec<Claim>, Vec<&'b Shift>), TimeError> {
    let (mut claims, mut counted) = (Vec::new(), Vec::new());
    for shift in book.shifts(account.id) {
        let Some(who) = book.place(shift.person) else { continue };
        let known = &book.people[who];
        let (planned, reach) = (Span { start: shift.start, end: shift.end }, reach(shift, book));
        if reach.meet(window).is_none() {
            continue;
        }
        if !book.speaks(shift.person, planned) {
            findings.extend(of_shift(book, shift, (known, period), FindingKind::NotEmployed, |number, start, end| {
                msg!("DUTY_SHIFT_NOT_EMPLOYED", number, account = account.key, start, end)
            }));
            continue;
        }
        let mut own = format!("shift:{}@{}/{}", known.person.employee_no, shift.start, shift.end);
        book::corrections(&mut own, std::iter::once(shift.correction));
        let before = claims.len();
        let mut claim = |span, punch| {
            for span in spans::meet(span, &known.employed) {
                claims.push(Claim { who, span, own: own.clone(), punch });
            }
        };
        let punched = punched_on_its_day(known, account, book, shift, reach)?;
        if punched {
            let first = known.punched.pairs.partition_point(|p| p.end <= reach.start);
            let pairs = known.punched.pairs[first..].iter().zip(&known.pair_words[first..]);
            for (pair, word) in pairs.take_while(|(pair, _)| pair.start < reach.end) {
                pair.meet(reach).into_iter().for_each(|span| claim(span, Some(*word)));
            }
        } else {
            claim(reach, None);
        }
        if book.evidence.policy.version >= Version::V2 && planned.meet(period).is_some_and(|part| known.works_in(part))
        {
            let missed = punched.then(|| missed(book, account, shift, (known, period), &claims[before..])).flatten();
            counted.extend(missed.is_none().then_some(*shift));
            findings.extend(missed);
        }
    }
    Ok((claims, counted))
}

/// What is said of a shift that punches elsewhere in its day take away, in whole or but for its edge.
fn missed(
    book: &Book<'_>,
    account: &DutyAccount,
    shift: &Shift,
    of: (&Known<'_>, Span),
    claims: &[Claim],
) -> Option<Finding> {
    if claims.is_empty() {
        return of_shift(book, shift, of, FindingKind::UncoveredShift, |number, start, end| {
            msg!("DUTY_SHIFT_UNCOVERED", number, account = account.key, start, end)
        });
    }
    let planned = Span { start: shift.start, end: shift.end };
    let why = match claims.iter().any(|claim| claim.span.meet(planned).is_some()) {
        false => "edge",
        true if of.0.belonging.served.binary_search(&planned).is_err() => "other",
        true => return None,
    };
    let long: SignedDuration = claims.iter().map(|claim| claim.span.end.duration_since(claim.span.start)).sum();
    let minutes = long.saturating_add(SignedDuration::from_secs(59)).as_mins();
    of_shift(book, shift, of, FindingKind::BarelyCoveredShift, |number, start, end| {
        msg!("DUTY_SHIFT_BARELY_COVERED", number, account = account.key, start, end, why, minutes)
    })
}

/// What is said of a shift that counts by the roster, where hand-overs to others leave nothing of it.
fn held_by_others(
    book: &Book<'_>,
    account: &DutyAccount,
    shift: &Shift,
    period: Span,
    rows: &[Row],
) -> Option<Finding> {
    let known = &book.people[book.place(shift.person)?];
    let begun = &rows[..rows.partition_point(|row| row.start < shift.end)];
    let on_duty = begun.iter().any(|row| row.person == shift.person && shift.start < row.end);
    let said = || {
        of_shift(book, shift, (known, period), FindingKind::HeldByOthers, |number, start, end| {
            msg!("DUTY_SHIFT_HELD_BY_OTHERS", number, account = account.key, start, end)
        })
    };
    (!on_duty).then(said).flatten()
}

/// What is said of a shift of the period, with its `sentence` of the number, the start and the end.
fn of_shift(
    book: &Book<'_>,
    shift: &Shift,
    (known, period): (&Known<'_>, Span),
    kind: FindingKind,
    sentence: impl Fn(&str, &Moment, &Moment) -> Message,
) -> Option<Finding> {
    Span { start: shift.start, end: shift.end }.meet(period)?;
    let [start, end] = [shift.start, shift.end].map(|at| book.moment(at, &known.person.zone));
    let number = &known.person.employee_no;
    let detail = sentence(number, &start, &end);
    Some(Finding::new(kind, number, Some(start), detail).about(known.person.id))
}

/// The shift with its grace.
fn reach(shift: &Shift, book: &Book<'_>) -> Span {
    belonging::reach(Span { start: shift.start, end: shift.end }, book.evidence.policy.grace)
}

fn punched_on_its_day(
    known: &Known<'_>,
    account: &DutyAccount,
    book: &Book<'_>,
    shift: &Shift,
    reach: Span,
) -> Result<bool, TimeError> {
    let cut_over = book.evidence.policy.cut_over.unwrap_or(account.cut_over);
    let day = working_day_span(working_day(shift.start, &account.zone, cut_over), &account.zone, cut_over)?;
    let (at, start, end) = match book.evidence.policy.version {
        Version::V1 => (&known.punched.at, day.start.min(reach.start), day.end.max(reach.end)),
        Version::V2 | Version::V3 => (&known.belonging.anchors, day.start, day.end),
    };
    Ok(at.get(at.partition_point(|p| *p < start)).is_some_and(|p| *p < end))
}

/// (c) people of the team whose punches cover the instant.
fn by_punches(book: &Book<'_>, account: &DutyAccount, window: Span) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (who, there) in book.team(account) {
        let known = &book.people[*who];
        for (pair, word) in known.punched.pairs.iter().zip(&known.pair_words) {
            let Some(pair) = pair.meet(window) else { continue };
            for span in spans::meet(pair, there) {
                claims.push(Claim { who: *who, span, own: String::new(), punch: Some(*word) });
            }
        }
    }
    claims
}

/// (d) everybody of the team.
fn whole_team(book: &Book<'_>, account: &DutyAccount) -> Vec<Claim> {
    let members = book.team(account).iter();
    members
        .flat_map(|(who, there)| there.iter().map(|s| (*who, *s)))
        .map(|(who, span)| Claim { who, span, own: String::new(), punch: None })
        .collect()
}

/// Rows so far, and where a stronger rule leaves no room.
struct Layers {
    window: Span,
    covered: Vec<Span>,
    rows: Vec<(usize, Row)>,
}

impl Layers {
    /// Lays the claims of the next weaker rule over what is still free, and joins what touches.
    fn add(&mut self, book: &Book<'_>, rule: Rule, mut claims: Vec<Claim>) {
        claims.sort_by(|a, b| (a.who, a.span, &a.own, a.punch).cmp(&(b.who, b.span, &b.own, b.punch)));
        let mut pieces: Vec<(usize, Span, &Claim)> = Vec::with_capacity(claims.len());
        for claim in &claims {
            let inside = claim.span.meet(self.window);
            let free = inside.into_iter().flat_map(|span| spans::minus(span, &self.covered));
            pieces.extend(free.map(|span| (claim.who, span, claim)));
        }
        pieces.sort_by_key(|(who, span, _)| (*who, *span));
        let first = self.rows.len();
        for (who, span, claim) in pieces {
            let same = self.rows[first..].last_mut().filter(|(w, row)| *w == who && span.start <= row.end);
            if let Some((_, row)) = same {
                row.end = row.end.max(span.end);
                claim.write(book, &mut row.evidence);
                continue;
            }
            let mut evidence = String::new();
            claim.write(book, &mut evidence);
            let person = book.people[who].person.id;
            self.rows.push((who, Row { person, start: span.start, end: span.end, rule, evidence }));
        }
        let taken = self.rows[first..].iter().map(|(_, r)| Span { start: r.start, end: r.end });
        self.covered = spans::union(self.covered.iter().copied().chain(taken).collect());
    }

    fn finish(mut self) -> Vec<Row> {
        self.rows.sort_by_key(|(who, row)| (row.start, *who, row.end));
        self.rows.into_iter().map(|(_, row)| row).collect()
    }
}

impl Claim {
    /// Adds the words, each once.
    fn write(&self, book: &Book<'_>, to: &mut String) {
        let punch = self.punch.map_or("", |id| book.word(id));
        for word in self.own.split('+').chain(punch.split('+')) {
            if word.is_empty() || to.split('+').any(|said| said == word) {
                continue;
            }
            if !to.is_empty() {
                to.push('+');
            }
            to.push_str(word);
        }
    }
}
