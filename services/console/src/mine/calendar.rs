//! `/my/facts`: the working days of a month as punches and shifts tell them, what is odd about oneself, and what was asked to be put right.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};
use tally_access::Permission;
use tally_api::attendance::v1::duty_fact::Fact;
use tally_api::attendance::v1::{Correction, CorrectionState, DutyFact, Handover, Shift};
use tally_api::common::v1::Finding;
use tally_api::performance::v1::ListPersonFindingsRequest;
use tally_api::performance::v1::finding_service_client::FindingServiceClient;
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Result, msg};

use super::day::{self, Day, Status};
use super::own::{self, Accounts};
use super::today::{Planned, Punched, counting, kind_word, listed, of_day, planned, said, stretches};
use crate::console::told;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::Visit;

/// Findings that are shown.
const FINDINGS: u32 = 100;

#[derive(Template)]
#[template(path = "mine/facts.html")]
struct Facts {
    ui: Ui,
    zone: String,
    /// The way to the month before and after: address and name.
    before: (String, String),
    after: (String, String),
    month: String,
    table: Table,
    findings: Vec<Found>,
    corrections: Vec<Asked>,
    handovers: Vec<(String, &'static str, String)>,
    may_ask: bool,
}

/// Something odd, and what to do about it.
struct Found {
    id: String,
    kind: String,
    detail: String,
    advice: String,
    /// The reader may send what would put it right.
    fix: bool,
}

/// A correction that the reader asked for, or that is about them.
struct Asked {
    id: String,
    action: &'static str,
    state: &'static str,
    tone: &'static str,
    facts: String,
    reason: String,
    dropped: String,
    at: String,
    waits: bool,
}

/// `GET /my/facts?month=`.
pub async fn month(visit: Visit) -> Response<Body> {
    visit.list(Box::pin(page(&visit)).await, |page| &page.table)
}

async fn page(visit: &Visit) -> Result<Facts> {
    let (ui, site) = (visit.ui(&msg!("NAV_FACTS")), own::site(visit));
    let asked = visit.asked();
    let first = first_of(asked.get("month")).unwrap_or_else(|| day::day_of(ui.now(), &site).first_of_month());
    let within = (day::begins(first, &site), day::begins(first.last_of_month().saturating_add(1.day()), &site));
    let (punches, shifts, handovers, corrections, findings, accounts) = futures::try_join!(
        own::punches(visit, within),
        own::shifts(visit, within),
        own::handovers(visit, within),
        own::corrections(visit),
        findings(visit),
        own::accounts(visit),
    )?;
    let days = day::days(counting(&punches), &stretches(&shifts), &site);
    let way = |first: Date| {
        let month = first.strftime("%Y-%m").to_string();
        (format!("/my/facts?month={month}"), ui.format.month(first))
    };
    let me = visit.me();
    Ok(Facts {
        zone: own::zone_said(&ui, &site),
        before: way(first.saturating_sub(1.month())),
        after: way(first.saturating_add(1.month())),
        month: ui.format.month(first),
        table: table(&ui, visit, &days),
        findings: findings.into_iter().map(|it| found(it, me.may(Permission::CorrectionRequest))).collect(),
        corrections: corrections.iter().map(|it| corrected(&ui, it, (&me.principal_id, &accounts))).collect(),
        handovers: handed(&ui, &handovers, (&me.person_id, &accounts)),
        may_ask: me.may(Permission::CorrectionRequest),
        ui,
    })
}

/// The first day of a month such as `2026-03`.
fn first_of(month: &str) -> Option<Date> {
    format!("{month}-01").parse().ok()
}

fn table(ui: &Ui, visit: &Visit, days: &BTreeMap<Date, Day>) -> Table {
    let columns = vec![
        Column::text(ui, "day", "UI_DAY"),
        Column::text(ui, "status", "UI_STATE"),
        Column::text(ui, "punches", "UI_MINE_PUNCHES"),
        Column::text(ui, "shift", "UI_MINE_SHIFT"),
        Column::number(ui, "lasts", "UI_MINE_LASTS_COLUMN"),
    ];
    let rows = days.iter().map(|(date, day)| row(ui, *date, day)).collect();
    Table::new(ui, ("days", "NAV_FACTS", "UI_MINE_NO_DAYS"), &visit.asked(), columns, rows)
}

fn row(ui: &Ui, date: Date, day: &Day) -> Row {
    let time = |at| ui.format.time_in(at, ui.format.zone());
    let span = |(start, end)| format!("{} – {}", time(start), time(end));
    let end = |punch: &Option<day::Punch>| punch.as_ref().map_or_else(|| "…".to_owned(), |it| time(it.at));
    let punches = day.stretches.iter().map(|it| format!("{} – {}", end(&it.came), end(&it.left)));
    let status = day.status(ui.now());
    let pill = Cell::pill(short(ui, status), status.tone());
    let lasts = day.lasts();
    Row {
        id: date.to_string(),
        href: format!("/my/facts/day/{date}"),
        cells: vec![
            Cell::when(ui.format.weekday(date), i64::from(date.year()) * 400 + i64::from(date.day_of_year())),
            if status.asks() { pill.to(format!("/my/facts/right?day={date}")) } else { pill },
            Cell::text(punches.collect::<Vec<_>>().join(", ")),
            Cell::text(day.shifts.iter().copied().map(span).collect::<Vec<_>>().join(", ")),
            if lasts == SignedDuration::ZERO {
                Cell::text("")
            } else {
                Cell::number(own::lasts(ui, lasts), lasts.as_secs())
            },
        ],
    }
}

/// How a day stands, in a word.
fn short(ui: &Ui, status: Status) -> String {
    ui.t(match status {
        Status::Free => "UI_MINE_DAY_FREE",
        Status::Ahead(_) => "UI_MINE_DAY_AHEAD",
        Status::Late(_) => "UI_MINE_DAY_LATE",
        Status::Absent => "UI_MINE_DAY_ABSENT",
        Status::In(_) => "UI_MINE_DAY_IN",
        Status::Missing => "UI_MINE_DAY_MISSING",
        Status::Was(_) => "UI_MINE_DAY_WAS",
    })
}

async fn findings(visit: &Visit) -> Result<Vec<Finding>> {
    let person_id = visit.me().person_id;
    let ask = ListPersonFindingsRequest { person_id, page_size: FINDINGS, ..Default::default() };
    let client = FindingServiceClient::new(visit.channel("performance")?);
    match told(client.clone().list_person_findings(visit.request(ask))).await {
        Ok(page) => Ok(page.findings),
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::PermissionDenied) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// What the reader's own call would put right is offered; what somebody else's would is said alone.
fn found(finding: Finding, may_ask: bool) -> Found {
    let own = |service: &str| service == "tally.attendance.v1.CorrectionService";
    Found {
        fix: may_ask && finding.fix.as_ref().is_some_and(|fix| own(&fix.service)),
        id: finding.finding_id,
        kind: format!("KIND_{}", finding.kind),
        detail: finding.detail,
        advice: finding.advice,
    }
}

fn corrected(ui: &Ui, it: &Correction, (me, accounts): (&str, &Accounts)) -> Asked {
    let tone = match it.state() {
        CorrectionState::Approved | CorrectionState::Made => "good",
        CorrectionState::Waiting => "accent",
        CorrectionState::Rejected => "bad",
        CorrectionState::Unspecified | CorrectionState::Withdrawn => "plain",
    };
    let after = it.after.iter().map(|after| fact(ui, after, accounts)).collect::<Vec<_>>().join(", ");
    let before = it.before.as_ref().map(|before| fact(ui, before, accounts));
    let facts = before.into_iter().chain(Some(after).filter(|after| !after.is_empty()));
    Asked {
        id: it.correction_id.clone(),
        action: it.action().as_str_name(),
        state: it.state().as_str_name(),
        tone,
        facts: facts.collect::<Vec<_>>().join(" → "),
        reason: it.reason.clone(),
        dropped: it.drop_reason.clone(),
        at: ui.moment(it.requested_at.as_ref()),
        waits: it.state() == CorrectionState::Waiting && it.requested_by == me,
    }
}

/// A fact in a line.
fn fact(ui: &Ui, fact: &DutyFact, accounts: &Accounts) -> String {
    let name = |id: &str| accounts.name(ui, id);
    match &fact.fact {
        Some(Fact::Punch(it)) => format!("{} {}", ui.word(it.kind().as_str_name()), ui.moment(it.at.as_ref())),
        Some(Fact::Handover(it)) => {
            format!("{} {} {}", ui.word(it.kind().as_str_name()), name(&it.account_id), ui.moment(it.at.as_ref()))
        }
        Some(Fact::Shift(it)) => shift(ui, it, &name(&it.account_id)),
        Some(Fact::Alias(it)) => it.alias.clone(),
        Some(Fact::Device(it)) => it.device.clone(),
        None => String::new(),
    }
}

fn shift(ui: &Ui, it: &Shift, account: &str) -> String {
    format!("{} – {} {account}", ui.moment(it.start.as_ref()), ui.moment(it.end.as_ref()))
}

fn handed(ui: &Ui, all: &[Handover], (me, accounts): (&str, &Accounts)) -> Vec<(String, &'static str, String)> {
    let own = all.iter().filter(|it| it.person_id == me);
    own.map(|it| (ui.moment(it.at.as_ref()), it.kind().as_str_name(), accounts.name(ui, &it.account_id))).collect()
}

#[derive(Template)]
#[template(path = "mine/day.html")]
struct OneDay {
    ui: Ui,
    day: String,
    zone: String,
    status: String,
    tone: &'static str,
    shifts: Vec<Planned>,
    punches: Vec<Punched>,
    may_ask: bool,
    /// The form for what is missing, or for one more punch.
    add: String,
}

/// `GET /my/facts/day/{day}`.
pub async fn day(visit: Visit, Path(day): Path<String>) -> Response<Body> {
    visit.page(one(&visit, &day).await)
}

async fn one(visit: &Visit, text: &str) -> Result<OneDay> {
    let site = own::site(visit);
    let date: Date = text.parse().map_err(|_| Error::not_found("page", text))?;
    let (punches, shifts, accounts) =
        futures::try_join!(of(visit, date, &site), shifts(visit, date, &site), own::accounts(visit))?;
    let ui = visit.ui(&msg!("NAV_FACTS"));
    let ui = ui
        .clone()
        .titled(ui.format.weekday(date))
        .below(format!("/my/facts?month={}", date.strftime("%Y-%m")), ui.t("NAV_FACTS"));
    let status = known(&punches, &shifts, &site, date).status(ui.now());
    Ok(OneDay {
        day: text.to_owned(),
        zone: own::zone_said(&ui, &site),
        status: said(&ui, status),
        tone: status.tone(),
        shifts: planned(&ui, &shifts, &accounts),
        punches: listed(&ui, &punches).into_iter().map(|(_, punched)| punched).collect(),
        may_ask: visit.me().may(Permission::CorrectionRequest),
        add: format!("/my/facts/right?day={text}"),
        ui,
    })
}

fn known(punches: &[tally_api::attendance::v1::Punch], shifts: &[Shift], site: &TimeZone, date: Date) -> Day {
    day::days(counting(punches), &stretches(shifts), site).remove(&date).unwrap_or_default()
}

/// The reader's punches of a working day.
async fn of(visit: &Visit, date: Date, site: &TimeZone) -> Result<Vec<tally_api::attendance::v1::Punch>> {
    let end = day::begins(date.saturating_add(2.days()), site);
    let all = own::punches(visit, (day::begins(date, site), end)).await?;
    let next = day::begins(date.saturating_add(1.day()), site);
    // An out of the next morning may close what began on this day.
    let open = day::stretches(counting(&all)).into_iter().filter(|it| it.begins().is_some_and(|at| at < next));
    let kept: Vec<String> = open.flat_map(|it| [it.came, it.left]).flatten().map(|punch| punch.id).collect();
    let within =
        |punch: &tally_api::attendance::v1::Punch| punch.at.as_ref().and_then(instant).is_some_and(|at| at < next);
    Ok(all.into_iter().filter(|punch| within(punch) || kept.contains(&punch.punch_id)).collect())
}

async fn shifts(visit: &Visit, date: Date, site: &TimeZone) -> Result<Vec<Shift>> {
    let within = (day::begins(date, site), day::begins(date.saturating_add(1.day()), site));
    Ok(of_day(&own::shifts(visit, within).await?, site, date))
}

/// What is missing of a day, for the form that adds it: in or out, and when it may have been.
pub async fn missing(visit: &Visit, date: Date) -> Result<(&'static str, Option<jiff::Timestamp>)> {
    let site = own::site(visit);
    let (punches, shifts) = futures::try_join!(of(visit, date, &site), shifts(visit, date, &site))?;
    let (came, at) = known(&punches, &shifts, &site, date).missing();
    Ok((kind_word(came), at))
}

#[cfg(test)]
mod tests {
    use tally_api::common::v1::Fix;

    use super::*;

    #[test]
    fn a_month_is_read_from_the_address_and_nothing_else_is() {
        assert_eq!(first_of("2026-03"), Some(jiff::civil::date(2026, 3, 1)));
        for wrong in ["", "2026-13", "march", "2026-03-04"] {
            assert_eq!(first_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_what_the_readers_own_call_puts_right_is_offered() {
        let fix = |service: &str| Finding {
            fix: Some(Fix { service: service.to_owned(), ..Default::default() }),
            ..Default::default()
        };
        assert!(found(fix("tally.attendance.v1.CorrectionService"), true).fix);
        assert!(!found(fix("tally.attendance.v1.CorrectionService"), false).fix);
        assert!(!found(fix("tally.performance.v1.RecordService"), true).fix);
        assert!(!found(Finding::default(), true).fix);
    }
}
