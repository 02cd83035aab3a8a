//! Shifts: publishing some, and changing or cancelling one.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tally_access::Permission;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::roster_service_client::RosterServiceClient;
use tally_api::attendance::v1::{
    Account, CancelShiftRequest, ChangeShiftRequest, FactState, GetShiftRequest, PublishShiftsRequest, Shift,
};
use tally_kernel::error::Kind;
use tally_kernel::{Error, Message, Result, msg};

use super::{duty, roster};
use crate::act::{self, Act};
use crate::console::told;
use crate::names::{self, Names};
use crate::ui::form::{Field, Form, Kind as FieldKind};
use crate::ui::{Ui, as_sent, instant};
use crate::visit::{Sent, Visit};

/// Days that one form may publish for.
const DAYS_MAX: usize = 62;

#[derive(Template)]
#[template(path = "team/shift.html")]
struct Page {
    ui: Ui,
    facts: Vec<(String, String)>,
    state: (String, &'static str),
    /// Corrections that brought it, or by which it counts no more.
    corrections: Vec<(String, String)>,
    /// Why it cannot be changed here.
    note: String,
    change: Option<Form>,
    cancel: Option<Form>,
    timeline: String,
}

/// Everything a form of shifts is filled in from.
struct Known {
    people: Names,
    accounts: Vec<Account>,
    names: Names,
}

async fn known(visit: &Visit) -> Result<Known> {
    let (people, accounts) = futures::try_join!(names::people(visit), names::accounts(visit))?;
    Ok(Known { people, names: Names::of_accounts(&accounts), accounts })
}

impl Known {
    fn zone(&self, ui: &Ui, account: &str) -> TimeZone {
        let account = self.accounts.iter().find(|it| it.account_id == account);
        account.map_or_else(|| ui.format.zone().clone(), |it| duty::zone_of(ui, it))
    }
}

/// `GET /team/roster/new?day=`.
pub async fn new_form(visit: Visit) -> Response<Body> {
    let known = known(&visit).await;
    visit.page(known.map(|known| publishing(&visit, &known, &day_of(&visit))))
}

fn day_of(visit: &Visit) -> String {
    visit.asked().get("day").to_owned()
}

fn publishing(visit: &Visit, known: &Known, day: &str) -> Act {
    let ui = visit.ui(&msg!("UI_TEAM_PUBLISH_SHIFTS")).below("/team/roster", visit.ui(&msg!("NAV_ROSTER")).title);
    let day = if day.is_empty() { act::today(&ui) } else { day.to_owned() };
    let account = FieldKind::Choice(known.names.choices());
    let people = FieldKind::Among(known.people.labels());
    let form = Form::new(&ui, "/team/roster/new", "publish", "UI_TEAM_PUBLISH_SHIFTS")
        .with(Field::new(&ui, "person_id", "UI_TEAM_PERSON", people).required().hint(ui.t("UI_TEAM_PERSON_HINT")))
        .with(Field::new(&ui, "account_id", "UI_TEAM_ACCOUNT", account).required())
        .with(Field::new(&ui, "day", "UI_TEAM_FIRST_DAY", FieldKind::Date).required().value(day.as_str()))
        .with(Field::new(&ui, "until", "UI_TEAM_LAST_DAY", FieldKind::Date).hint(ui.t("UI_TEAM_LAST_DAY_HINT")))
        .with(Field::new(&ui, "start", "UI_TEAM_FROM", FieldKind::Time).required().value("09:00"))
        .with(
            Field::new(&ui, "end", "UI_TEAM_TO", FieldKind::Time)
                .required()
                .value("18:00")
                .hint(ui.t("UI_TEAM_END_HINT")),
        )
        .with(Field::text(&ui, "seat", "UI_TEAM_SEAT"));
    Act::new(ui.clone(), form, format!("/team/roster?day={day}")).note("plain", ui.t("UI_TEAM_PUBLISH_SAID"))
}

/// `POST /team/roster/new`.
pub async fn publish(visit: Visit, sent: Sent) -> Response<Body> {
    let known = match known(&visit).await {
        Ok(known) => known,
        Err(error) => return visit.refused(&error),
    };
    let page = publishing(&visit, &known, sent.get("day"));
    let done = published(&visit, &page.ui, &known, &sent).await;
    let back = format!("/team/roster?view=week&day={}", duty::encoded(sent.get("day")));
    page.answered(&visit, &sent, done, (&back, "SHIFTS_PUBLISHED"))
}

async fn published(visit: &Visit, ui: &Ui, known: &Known, sent: &Sent) -> Result<()> {
    let mut wrong = act::missing(sent, &["account_id"]);
    let person = known.people.find(sent.get("person_id")).map_err(|why| wrong.push(("person_id", why))).ok();
    let days = days(sent.get("day"), sent.get("until")).map_err(|(field, why)| wrong.push((field, why))).ok();
    let start = time(sent.get("start")).map_err(|why| wrong.push(("start", why))).ok();
    let end = time(sent.get("end")).map_err(|why| wrong.push(("end", why))).ok();
    act::all_right(wrong)?;
    let (Some(person_id), Some(days), Some(start), Some(end)) = (person, days, start, end) else { return Ok(()) };
    let account_id = sent.get("account_id");
    let zone = known.zone(ui, account_id);
    let row = |day: &Date| {
        let (start, end) = shift_times(*day, (start, end), &zone)?;
        Some(Shift {
            person_id: person_id.clone(),
            account_id: account_id.to_owned(),
            start: Some(as_sent(start)),
            end: Some(as_sent(end)),
            seat: sent.get("seat").to_owned(),
            ..Shift::default()
        })
    };
    let rows = days.iter().filter_map(row).collect();
    let mut client = RosterServiceClient::new(visit.channel("attendance")?);
    let ask = PublishShiftsRequest { request_id: sent.request_id(), rows };
    let result = told(client.publish_shifts(visit.request(ask))).await?.result;
    act::imported(result, |_, _| "")
}

/// From the first day to the last; without a last day the first alone.
fn days(first: &str, last: &str) -> Result<Vec<Date>, (&'static str, Message)> {
    let from: Date = first.parse().map_err(|_| ("day", msg!("TEXT_EMPTY")))?;
    let to: Date = if last.is_empty() { from } else { last.parse().map_err(|_| ("until", msg!("TEXT_EMPTY")))? };
    if to < from {
        return Err(("until", msg!("BEFORE_FROM")));
    }
    let all: Vec<Date> = from.series(1.day()).take_while(|day| *day <= to).take(DAYS_MAX + 1).collect();
    if all.len() > DAYS_MAX { Err(("until", msg!("UI_TEAM_DAYS_TOO_MANY", limit = DAYS_MAX))) } else { Ok(all) }
}

fn time(text: &str) -> Result<Time, Message> {
    text.parse().map_err(|_| msg!("TEXT_EMPTY"))
}

/// A shift on a day; one that ends before it begins ends on the next day.
fn shift_times(day: Date, (start, end): (Time, Time), zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let last = if end <= start { day.tomorrow().ok()? } else { day };
    let at = |day: Date, time: Time| Some(day.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp());
    Some((at(day, start)?, at(last, end)?))
}

/// `GET /team/roster/{id}?day=`.
pub async fn shift(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(found(&visit, &id).await)
}

async fn found(visit: &Visit, id: &str) -> Result<Page> {
    let (known, shift) = futures::try_join!(known(visit), get(visit, id))?;
    Ok(page(visit, &known, &shift, &day_of(visit)))
}

async fn get(visit: &Visit, id: &str) -> Result<Shift> {
    let mut client = RosterServiceClient::new(visit.channel("attendance")?);
    let ask = GetShiftRequest { shift_id: id.to_owned() };
    Ok(told(client.get_shift(visit.request(ask))).await?.shift.unwrap_or_default())
}

fn page(visit: &Visit, known: &Known, shift: &Shift, day: &str) -> Page {
    let back = format!("/team/roster?view=day&day={day}");
    let ui = visit.ui(&msg!("UI_TEAM_SHIFT")).below(back, visit.ui(&msg!("NAV_ROSTER")).title);
    let ui = ui.titled(known.people.said(&shift.person_id));
    let zone = known.zone(&ui, &shift.account_id);
    let at = |at: &Option<prost_types::Timestamp>| at.as_ref().and_then(instant).unwrap_or_default();
    let (start, end) = (at(&shift.start), at(&shift.end));
    let state = roster::state(&ui, shift.standing.as_ref());
    let counts = shift.standing.as_ref().is_none_or(|it| it.state() == FactState::Counts);
    let may = ui.me().is_some_and(|me| me.may_others(Permission::RosterWrite));
    let standing = shift.standing.clone().unwrap_or_default();
    let corrections =
        [("UI_TEAM_BROUGHT_BY", standing.correction_id), ("UI_TEAM_COUNTS_NO_MORE_BY", standing.superseded_by)];
    let action = |deed: &str| format!("/team/roster/{}/{deed}?day={day}", shift.shift_id);
    let open = may && counts;
    Page {
        facts: vec![
            (ui.t("UI_TEAM_ACCOUNT"), known.names.said(&shift.account_id)),
            (ui.t("UI_TEAM_FROM"), ui.format.moment_in(start, &zone)),
            (ui.t("UI_TEAM_TO"), ui.format.moment_in(end, &zone)),
            (ui.t("UI_TEAM_SEAT"), if shift.seat.is_empty() { "–".to_owned() } else { shift.seat.clone() }),
        ],
        corrections: corrections
            .into_iter()
            .filter(|(_, id)| !id.is_empty())
            .map(|(label, id)| (ui.t(label), format!("/corrections/{id}")))
            .collect(),
        note: match (may, counts) {
            (_, false) => ui.t("UI_TEAM_SHIFT_COUNTS_NO_MORE"),
            (false, true) => ui.t("UI_TEAM_SHIFT_NOT_YOURS"),
            (true, true) => String::new(),
        },
        change: open.then(|| change_form(&ui, known, shift, (start, end), action("change"))),
        cancel: open.then(|| {
            let reason =
                Field::new(&ui, "reason", "UI_REASON", FieldKind::Long).hint(ui.t("UI_TEAM_SHIFT_REASON_HINT"));
            Form::new(&ui, action("cancel"), "cancel", "UI_TEAM_CANCEL_SHIFT")
                .danger()
                .with(reason)
                .with(act::sure(&ui))
        }),
        timeline: format!("/team/accounts/{}?day={day}", shift.account_id),
        state: (state.text.clone(), state.tone()),
        ui,
    }
}

fn change_form(ui: &Ui, known: &Known, shift: &Shift, (start, end): (Timestamp, Timestamp), action: String) -> Form {
    let zone = known.zone(ui, &shift.account_id);
    let local = |at: Timestamp| zone.to_datetime(at).strftime("%Y-%m-%dT%H:%M").to_string();
    let people = FieldKind::Among(known.people.labels());
    let account = FieldKind::Choice(known.names.choices());
    Form::new(ui, action, "change", "UI_TEAM_CHANGE_SHIFT")
        .with(
            Field::new(ui, "person_id", "UI_TEAM_PERSON", people).required().value(known.people.said(&shift.person_id)),
        )
        .with(Field::new(ui, "account_id", "UI_TEAM_ACCOUNT", account).required().value(shift.account_id.as_str()))
        .with(Field::new(ui, "start", "UI_TEAM_FROM", FieldKind::Moment).required().value(local(start)))
        .with(Field::new(ui, "end", "UI_TEAM_TO", FieldKind::Moment).required().value(local(end)))
        .with(Field::text(ui, "seat", "UI_TEAM_SEAT").value(shift.seat.as_str()))
        .with(Field::new(ui, "why", "UI_REASON", FieldKind::Long).hint(ui.t("UI_TEAM_SHIFT_REASON_HINT")))
}

/// `POST /team/roster/{id}/{deed}?day=`: changes or cancels it.
pub async fn carry(visit: Visit, Path((id, deed)): Path<(String, String)>, sent: Sent) -> Response<Body> {
    let known = match known(&visit).await {
        Ok(known) => known,
        Err(error) => return visit.refused(&error),
    };
    let back = format!("/team/roster?view=day&day={}", duty::encoded(&day_of(&visit)));
    let (done, said) = match deed.as_str() {
        "change" => (changed(&visit, &known, &id, &sent).await, "SHIFT_CHANGED"),
        "cancel" => (cancelled(&visit, &id, &sent).await, "SHIFT_CANCELLED"),
        _ => (Err(Error::not_found("page", &deed)), ""),
    };
    let Err(error) = done else { return visit.done(&back, said) };
    let page = found(&visit, &id).await.map(|mut page| {
        let refused = |form: Form| form.refused(&page.ui, sent.fields(), &error);
        if deed == "change" {
            page.change = page.change.map(refused);
        } else {
            page.cancel = page.cancel.map(refused);
        }
        page
    });
    match page {
        Ok(page) if page.change.is_some() => visit.wrong(Ok(page), &error),
        _ => visit.refused(&error),
    }
}

async fn changed(visit: &Visit, known: &Known, id: &str, sent: &Sent) -> Result<()> {
    let ui = visit.ui(&msg!("UI_TEAM_SHIFT"));
    let zone = known.zone(&ui, sent.get("account_id"));
    let mut wrong = act::missing(sent, &["account_id"]);
    let person = known.people.find(sent.get("person_id")).map_err(|why| wrong.push(("person_id", why))).ok();
    let start = moment(sent.get("start"), &zone).map_err(|why| wrong.push(("start", why))).ok();
    let end = moment(sent.get("end"), &zone).map_err(|why| wrong.push(("end", why))).ok();
    act::all_right(wrong)?;
    let ask = ChangeShiftRequest {
        request_id: sent.request_id(),
        shift_id: id.to_owned(),
        person_id: person.unwrap_or_default(),
        account_id: sent.get("account_id").to_owned(),
        start: start.map(as_sent),
        end: end.map(as_sent),
        reason: sent.get("why").to_owned(),
        validate_only: false,
        seat: Some(sent.get("seat").to_owned()),
    };
    let mut client = CorrectionServiceClient::new(visit.channel("attendance")?);
    told(client.change_shift(visit.request(ask))).await.map_err(|error| renamed(error, "reason", "why"))?;
    Ok(())
}

async fn cancelled(visit: &Visit, id: &str, sent: &Sent) -> Result<()> {
    act::all_right(act::missing(sent, &["sure"]))?;
    let (shift_id, reason) = (id.to_owned(), sent.get("reason").to_owned());
    let ask = CancelShiftRequest { request_id: sent.request_id(), shift_id, reason, validate_only: false };
    let mut client = CorrectionServiceClient::new(visit.channel("attendance")?);
    told(client.cancel_shift(visit.request(ask))).await?;
    Ok(())
}

/// A refusal whose field has another name in the form: a page with two forms has no field twice.
fn renamed(error: Error, from: &str, to: &str) -> Error {
    if error.kind() != Kind::InvalidArgument || error.violations().iter().all(|it| it.field != from) {
        return error;
    }
    let violations: Vec<_> = error.violations().iter().map(|it| (it.field.clone(), it.message.clone())).collect();
    let bare = Error::of(Kind::InvalidArgument, msg!("INVALID_REQUEST", count = violations.len()));
    violations
        .into_iter()
        .fold(bare, |bare, (field, message)| bare.at(if field == from { to.to_owned() } else { field }, message))
}

/// A local date and time of a form, at a zone.
///
/// # Errors
/// What to say beside the field.
pub fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, Message> {
    let at: DateTime = text.parse().map_err(|_| msg!("TEXT_EMPTY"))?;
    at.to_zoned(zone.clone()).map(|at| at.timestamp()).map_err(|_| msg!("TEXT_EMPTY"))
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time as at};

    use super::*;

    #[test]
    fn a_night_shift_ends_on_the_next_day() {
        let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
        let times = |start, end| {
            shift_times(date(2026, 3, 2), (start, end), &zone).map(|(a, b)| (a.to_string(), b.to_string()))
        };
        assert_eq!(
            times(at(22, 0, 0, 0), at(6, 0, 0, 0)),
            Some(("2026-03-02T14:00:00Z".into(), "2026-03-02T22:00:00Z".into()))
        );
        assert_eq!(
            times(at(9, 0, 0, 0), at(18, 0, 0, 0)),
            Some(("2026-03-02T01:00:00Z".into(), "2026-03-02T10:00:00Z".into()))
        );
    }

    #[test]
    fn days_run_to_the_last_and_not_for_ever() {
        assert_eq!(days("2026-03-02", "").map(|days| days.len()), Ok(1));
        assert_eq!(days("2026-03-02", "2026-03-06").map(|days| days.len()), Ok(5));
        assert_eq!(days("2026-03-02", "2026-03-01"), Err(("until", msg!("BEFORE_FROM"))));
        assert_eq!(days("2026-01-01", "2026-12-31"), Err(("until", msg!("UI_TEAM_DAYS_TOO_MANY", limit = DAYS_MAX))));
        assert_eq!(days("", ""), Err(("day", msg!("TEXT_EMPTY"))));
    }

    #[test]
    fn what_was_refused_finds_the_field_of_its_form() {
        let error = Error::of(Kind::InvalidArgument, msg!("INVALID_REQUEST", count = 1));
        let error = error.at("reason".to_owned(), msg!("TEXT_EMPTY"));
        let renamed = renamed(error, "reason", "why");
        assert_eq!(renamed.violations().first().map(|it| it.field.as_str()), Some("why"));
    }
}
