//! `/my/today`: the shift, the punches of the day and the button for the next one, and the accounts that one takes and hands over.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::body::Body;
use http::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use tally_access::Permission;
use tally_api::attendance::v1::handover_service_client::HandoverServiceClient;
use tally_api::attendance::v1::punch_service_client::PunchServiceClient;
use tally_api::attendance::v1::{
    FactState, Handover, HandoverKind, Punch, PunchKind, PunchVerdict, RecordHandoverRequest, RecordPunchRequest,
    RecordPunchResponse, Shift, Standing,
};
use tally_api::identity::v1::GetPersonRequest;
use tally_api::identity::v1::person_service_client::PersonServiceClient;
use tally_kernel::{Error, Result, msg};

use super::day::{self, Status};
use super::own::{self, Accounts, whose};
use crate::console::told;
use crate::ui::{Ui, as_sent, instant};
use crate::visit::{Sent, Visit};

/// An account that nobody released is held for so long at most.
const HOLD: SignedDuration = SignedDuration::from_hours(16);
/// More accounts than these are not listed whole, but those of the own shifts alone.
const ACCOUNTS_MAX: usize = 40;
/// A device whose clock is off by more, in seconds, is told so.
const DRIFT: i64 = 120;

#[derive(Template)]
#[template(path = "mine/today.html")]
struct Today {
    ui: Ui,
    day: String,
    zone: String,
    /// Tells the queue whose punches these are.
    whose: String,
    status: String,
    tone: &'static str,
    /// The next punch is most likely an `in`.
    comes: bool,
    shifts: Vec<Planned>,
    punches: Vec<Punched>,
    accounts: Vec<Held>,
    may_hand_over: bool,
    /// What is odd about the last punch.
    odd: Vec<String>,
    error: String,
}

/// A shift, with the accounts that it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub when: String,
    pub accounts: Vec<String>,
    pub seat: String,
}

/// A punch as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Punched {
    pub id: String,
    /// What a form that puts it right is asked with.
    pub asks: String,
    pub when: String,
    /// `PUNCH_KIND_IN` or `PUNCH_KIND_OUT`.
    pub kind: &'static str,
    /// What was made of it; empty where it is as expected.
    pub verdict: &'static str,
    /// It counts no more.
    pub dropped: bool,
    /// A correction brought it.
    pub added: bool,
}

/// An account, and who holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub id: String,
    pub name: String,
    pub mine: bool,
    /// Who holds it since when; empty for nobody.
    pub said: String,
}

/// `GET /my/today`.
pub async fn today(visit: Visit) -> Response<Body> {
    let page = page(&visit, None).await;
    visit.page(page)
}

async fn page(visit: &Visit, refused: Option<&Error>) -> Result<Today> {
    let (ui, site) = (visit.ui(&msg!("NAV_TODAY")), own::site(visit));
    let now = ui.now();
    let today = day::day_of(now, &site);
    let (shifts, punches, handovers, accounts) = futures::try_join!(
        own::shifts(visit, around(today, &site, (-7, 8))),
        own::punches(visit, around(today, &site, (-1, 1))),
        own::handovers(visit, (before(now, HOLD), now)),
        own::accounts(visit),
    )?;
    let status = day_at(&punches, &shifts, &site, today).status(now);
    let listed: Vec<_> = listed(&ui, &punches).into_iter().filter(|(at, _)| day::day_of(*at, &site) == today).collect();
    let asked = visit.asked();
    Ok(Today {
        day: ui.format.weekday(today),
        zone: own::zone_said(&ui, &site),
        whose: whose(visit),
        status: said(&ui, status),
        tone: status.tone(),
        comes: !matches!(status, Status::In(_)),
        shifts: planned(&ui, &of_day(&shifts, &site, today), &accounts),
        accounts: held(visit, &ui, (&shifts, &handovers, &accounts)).await,
        may_hand_over: visit.me().may(Permission::HandoverRecord),
        odd: odd(&ui, asked.get("drift"), &listed),
        punches: listed.into_iter().map(|(_, punched)| punched).collect(),
        error: refused.map(|error| tally_i18n::sentence(ui.locale(), error)).unwrap_or_default(),
        ui,
    })
}

fn before(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_sub(span).unwrap_or(at)
}

/// Working days about one, as a stretch of time.
fn around(day: Date, zone: &TimeZone, (first, end): (i64, i64)) -> own::Within {
    (day::begins(day.saturating_add(first.days()), zone), day::begins(day.saturating_add(end.days()), zone))
}

fn day_at(punches: &[Punch], shifts: &[Shift], site: &TimeZone, today: Date) -> day::Day {
    day::days(counting(punches), &stretches(shifts), site).remove(&today).unwrap_or_default()
}

/// The punches that count.
pub fn counting(punches: &[Punch]) -> Vec<day::Punch> {
    let counts = |punch: &&Punch| punch.standing.as_ref().is_none_or(|it| it.state() == FactState::Counts);
    let punch = |punch: &Punch| {
        let at = instant(punch.at.as_ref()?)?;
        Some(day::Punch { at, came: punch.kind() == PunchKind::In, id: punch.punch_id.clone() })
    };
    punches.iter().filter(counts).filter_map(punch).collect()
}

/// Beginnings and ends of shifts.
pub fn stretches(shifts: &[Shift]) -> Vec<own::Within> {
    let ends = |shift: &Shift| Some((instant(shift.start.as_ref()?)?, instant(shift.end.as_ref()?)?));
    shifts.iter().filter_map(ends).collect()
}

/// The shifts of a working day.
pub fn of_day(shifts: &[Shift], site: &TimeZone, day: Date) -> Vec<Shift> {
    let starts = |shift: &&Shift| shift.start.as_ref().and_then(instant).is_some_and(|at| day::day_of(at, site) == day);
    shifts.iter().filter(starts).cloned().collect()
}

/// How a day stands, in words.
pub fn said(ui: &Ui, status: Status) -> String {
    let at = |at| own::clock(ui, at);
    ui.say(&match status {
        Status::Free => msg!("UI_MINE_FREE"),
        Status::Ahead(start) => msg!("UI_MINE_AHEAD", at = at(start)),
        Status::Late(start) => msg!("UI_MINE_LATE", at = at(start)),
        Status::Absent => msg!("UI_MINE_ABSENT"),
        Status::In(since) => msg!("UI_MINE_IN", at = at(since)),
        Status::Missing => msg!("UI_MINE_MISSING"),
        Status::Was(span) => msg!("UI_MINE_WAS", lasts = own::lasts(ui, span)),
    })
}

/// Punches as they are shown, with when they were.
pub fn listed(ui: &Ui, punches: &[Punch]) -> Vec<(Timestamp, Punched)> {
    let one = |punch: &Punch| {
        let at = punch.at.as_ref().and_then(instant)?;
        let standing: Standing = punch.standing.clone().unwrap_or_default();
        let verdict = match punch.verdict() {
            PunchVerdict::Unspecified | PunchVerdict::Accepted => "",
            odd => odd.as_str_name(),
        };
        let punched = Punched {
            id: punch.punch_id.clone(),
            asks: format!("punch={}&at={at}&kind={}", punch.punch_id, kind_word(punch.kind() == PunchKind::In)),
            when: own::clock(ui, at),
            kind: punch.kind().as_str_name(),
            verdict,
            dropped: matches!(standing.state(), FactState::Voided | FactState::Moved),
            added: !standing.correction_id.is_empty(),
        };
        Some((at, punched))
    };
    punches.iter().filter_map(one).collect()
}

/// In or out, as forms say it.
pub fn kind_word(came: bool) -> &'static str {
    if came { "in" } else { "out" }
}

/// Shifts of the same time are one, on several accounts.
pub fn planned(ui: &Ui, shifts: &[Shift], accounts: &Accounts) -> Vec<Planned> {
    let mut by_time: BTreeMap<own::Within, Planned> = BTreeMap::new();
    for (shift, (start, end)) in shifts.iter().zip(stretches(shifts)) {
        let when = format!("{} – {}", ui.format.time_in(start, ui.format.zone()), own::clock(ui, end));
        let planned = by_time.entry((start, end)).or_insert_with(|| Planned {
            when,
            accounts: Vec::new(),
            seat: shift.seat.clone(),
        });
        planned.accounts.push(accounts.name(ui, &shift.account_id));
    }
    by_time.into_values().collect()
}

async fn held(visit: &Visit, ui: &Ui, (shifts, handovers, accounts): (&[Shift], &[Handover], &Accounts)) -> Vec<Held> {
    let all: BTreeSet<String> = accounts.ids().cloned().collect();
    let own: BTreeSet<String> = shifts.iter().map(|shift| shift.account_id.clone()).collect();
    let shown = if all.len() > ACCOUNTS_MAX { own } else { all.union(&own).cloned().collect() };
    let holders = holders(handovers);
    let me = visit.me().person_id;
    let others = holders.values().map(|(person, _)| person.clone()).filter(|person| *person != me);
    let names = names(visit, others.collect()).await;
    let held = |id: String| {
        let holder = holders.get(&id);
        let said = holder.map(|(person, since)| match (*person == me, names.get(person)) {
            (true, _) => ui.say(&msg!("UI_MINE_HELD_BY_ME", at = own::clock(ui, *since))),
            (_, Some(name)) => ui.say(&msg!("UI_MINE_HELD_BY", name, at = own::clock(ui, *since))),
            _ => ui.say(&msg!("UI_MINE_HELD_BY_OTHER", at = own::clock(ui, *since))),
        });
        let mine = holder.is_some_and(|(person, _)| *person == me);
        Held { name: accounts.name(ui, &id), mine, said: said.unwrap_or_default(), id }
    };
    let mut rows: Vec<_> = shown.into_iter().map(held).collect();
    rows.sort_by(|a, b| b.mine.cmp(&a.mine).then_with(|| ui.format.order(&a.name, &b.name)));
    rows
}

/// Who holds which account since when, by the newest take that was not released.
fn holders(handovers: &[Handover]) -> BTreeMap<String, (String, Timestamp)> {
    let mut holders: BTreeMap<String, (String, Timestamp)> = BTreeMap::new();
    for it in handovers {
        let Some(at) = it.at.as_ref().and_then(instant) else { continue };
        if it.kind() == HandoverKind::Take {
            holders.insert(it.account_id.clone(), (it.person_id.clone(), at));
        } else if holders.get(&it.account_id).is_some_and(|(person, _)| *person == it.person_id) {
            holders.remove(&it.account_id);
        }
    }
    holders
}

/// Names of some people, of those whom the reader may see.
async fn names(visit: &Visit, ids: BTreeSet<String>) -> BTreeMap<String, String> {
    let Ok(channel) = visit.channel("identity") else { return BTreeMap::new() };
    let one = async |person_id: String| {
        let ask = GetPersonRequest { person_id: person_id.clone(), ..Default::default() };
        let found = told(PersonServiceClient::new(channel.clone()).get_person(visit.request(ask))).await.ok()?;
        Some((person_id, found.person?.name))
    };
    futures::future::join_all(ids.into_iter().map(one)).await.into_iter().flatten().collect()
}

/// What is odd about the newest punch, and about the clock of the device that made it.
fn odd(ui: &Ui, drift: &str, punches: &[(Timestamp, Punched)]) -> Vec<String> {
    let verdict = punches.last().filter(|_| !drift.is_empty()).map(|(_, it)| it.verdict).filter(|it| !it.is_empty());
    let seconds = drift.parse().unwrap_or(0_i64);
    let clock = (seconds.abs() > DRIFT).then(|| ui.say(&msg!("UI_MINE_DRIFT", minutes = seconds.abs() / 60)));
    verdict.map(|verdict| ui.word(verdict)).into_iter().chain(clock).collect()
}

/// `POST /my/punches`: in or out, now.
pub async fn punch(visit: Visit, sent: Sent) -> Response<Body> {
    match record(&visit, &sent).await {
        Ok(done) => {
            let at = done.punch.as_ref().and_then(|punch| instant(punch.at.as_ref()?));
            let drift = device_at(&sent).zip(at).map_or(0, |(device, at)| device.duration_since(at).as_secs());
            visit.done(&format!("/my/today?drift={drift}"), if sent.get("kind") == "in" { "CAME" } else { "LEFT" })
        }
        // The same press, sent once more by a device that told another time with it: it is recorded.
        Err(error) if error.reason() == "REQUEST_ID_REUSED" => visit.done("/my/today", "PUNCHED"),
        Err(error) => visit.wrong(page(&visit, Some(&error)).await, &error),
    }
}

/// Records a punch that a form or the queue sent.
pub async fn record(visit: &Visit, sent: &Sent) -> Result<RecordPunchResponse> {
    let kind = if sent.get("kind") == "in" { PunchKind::In } else { PunchKind::Out };
    let ask = RecordPunchRequest {
        request_id: sent.request_id(),
        kind: kind.into(),
        device_at: device_at(sent).map(as_sent),
    };
    told(PunchServiceClient::new(visit.channel("attendance")?).record_punch(visit.request(ask))).await
}

/// What the device's clock said when the button was pressed.
pub fn device_at(sent: &Sent) -> Option<Timestamp> {
    sent.get("device_at").parse().ok()
}

/// `POST /my/handovers`: takes or releases an account, now.
pub async fn hand_over(visit: Visit, sent: Sent) -> Response<Body> {
    let takes = sent.get("kind") == "take";
    match handed_over(&visit, &sent, takes).await {
        Ok(()) => visit.done("/my/today", if takes { "TOOK" } else { "RELEASED" }),
        Err(error) => visit.wrong(page(&visit, Some(&error)).await, &error),
    }
}

async fn handed_over(visit: &Visit, sent: &Sent, takes: bool) -> Result<()> {
    let kind = if takes { HandoverKind::Take } else { HandoverKind::Release };
    let account_id = sent.get("account_id").to_owned();
    let ask = RecordHandoverRequest { request_id: sent.request_id(), account_id, kind: kind.into() };
    let client = HandoverServiceClient::new(visit.channel("attendance")?);
    told(client.clone().record_handover(visit.request(ask))).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handover(account: &str, person: &str, seconds: i64, kind: HandoverKind) -> Handover {
        let at = Some(prost_types::Timestamp { seconds, nanos: 0 });
        let (account_id, person_id) = (account.to_owned(), person.to_owned());
        Handover { account_id, person_id, at, kind: kind.into(), ..Default::default() }
    }

    #[test]
    fn whoever_took_an_account_last_holds_it_until_it_is_released() {
        use HandoverKind::{Release, Take};
        let log = [
            handover("a", "one", 1, Take),
            handover("a", "two", 2, Take),
            handover("a", "one", 3, Release),
            handover("b", "one", 4, Take),
            handover("b", "one", 5, Release),
        ];
        let holders: Vec<_> = holders(&log).into_iter().map(|(account, (person, _))| (account, person)).collect();
        assert_eq!(holders, [("a".to_owned(), "two".to_owned())]);
    }

    #[test]
    fn a_punch_that_was_voided_counts_for_no_day() {
        let at = Some(prost_types::Timestamp { seconds: 1_000, nanos: 0 });
        let standing = |state: FactState| Some(Standing { state: state.into(), ..Default::default() });
        let punch = |state| Punch { at, kind: PunchKind::In.into(), standing: standing(state), ..Default::default() };
        let counted = counting(&[punch(FactState::Counts), punch(FactState::Voided), punch(FactState::Moved)]);
        assert_eq!(counted.len(), 1);
    }
}
