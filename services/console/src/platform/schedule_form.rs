//! Writing, changing and ending schedules of months that are closed by themselves.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::performance::v1::schedule_service_client::ScheduleServiceClient;
use tally_api::performance::v1::{
    CreateScheduleRequest, DeleteScheduleRequest, Schedule, Scheme, UpdateScheduleRequest,
};
use tally_kernel::{Result, msg};

use super::schedules::{LIST, found, unit};
use crate::act::{Act, all_right, allowed, missing, sure};
use crate::console::told;
use crate::cycles::data;
use crate::names::{self, Names};
use crate::ui::Ui;
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::visit::{Sent, Visit};

const NEEDED: Permission = Permission::CycleClose;
/// What must be filled in.
const WANTED: [&str; 5] = ["name", "scheme_id", "zone", "day", "time"];

/// `GET /platform/schedules/new`.
pub async fn new(visit: Visit) -> Response<Body> {
    visit.page(page_new(&visit).await)
}

async fn page_new(visit: &Visit) -> Result<Act> {
    allowed(visit, NEEDED)?;
    let (schemes, units) = futures::try_join!(data::schemes(visit), names::units(visit, "", None))?;
    let units = Names::of_units(&units);
    let ui = visit.ui(&msg!("UI_NEW_SCHEDULE")).below(LIST, visit.ui(&msg!("NAV_SCHEDULES")).title);
    let whose = Field::new(&ui, "unit_id", "UI_UNIT", Kind::Choice(units.choices()));
    let whose = if visit.me().may_all(NEEDED) { whose.hint(ui.t("UI_UNIT_OR_GROUP_HINT")) } else { whose.required() };
    let zone = ui.format.zone().iana_name().unwrap_or("UTC").to_owned();
    let blank =
        Schedule { zone, day: 1, time: "06:00".to_owned(), dry_first: true, delay_minutes: 120, ..Default::default() };
    let form = Form::new(&ui, format!("{LIST}/new"), "schedule", "UI_NEW_SCHEDULE").with(whose);
    let form = fields(&ui, form, &blank, schemes_offered(&ui, &schemes, &units, &blank));
    let said = ui.t("UI_SCHEDULE_RIGHT");
    Ok(Act::new(ui, form, LIST).note("plain", said))
}

/// `POST /platform/schedules/new`.
pub async fn create(visit: Visit, sent: Sent) -> Response<Body> {
    let page = match page_new(&visit).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        let blank = Schedule { unit_id: sent.get("unit_id").to_owned(), ..Default::default() };
        let ask = CreateScheduleRequest { request_id: sent.request_id(), schedule: Some(asked(&sent, blank)?) };
        told(ScheduleServiceClient::new(visit.channel("performance")?).create_schedule(visit.request(ask))).await
    };
    page.answered(&visit, &sent, done.await.map(|_| ()), (LIST, "SCHEDULE_MADE"))
}

async fn page_change(visit: &Visit, id: &str) -> Result<(Act, Schedule)> {
    allowed(visit, NEEDED)?;
    let (it, schemes, units) =
        futures::try_join!(found(visit, id), data::schemes(visit), names::units(visit, "", None))?;
    let back = format!("{LIST}/{id}");
    let ui = visit.ui(&msg!("UI_CHANGE_SCHEDULE")).below(LIST, visit.ui(&msg!("NAV_SCHEDULES")).title);
    let ui = ui.below(back.clone(), &it.name);
    let form = Form::new(&ui, format!("{back}/change"), "schedule", "UI_SAVE").with(Field::hidden("etag", &it.etag));
    let form = fields(&ui, form, &it, schemes_offered(&ui, &schemes, &Names::of_units(&units), &it));
    let said = ui.t("UI_SCHEDULE_RIGHT");
    Ok((Act::new(ui, form, back).note("plain", said), it))
}

/// `GET /platform/schedules/{id}/change`.
pub async fn change(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(page_change(&visit, &id).await.map(|(page, _)| page))
}

/// `POST /platform/schedules/{id}/change`. What the form does not ask for (who is in, the numbers of attribution) stays.
pub async fn update(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let (page, known) = match page_change(&visit, &id).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        let schedule = Schedule { etag: sent.get("etag").to_owned(), ..asked(&sent, known)? };
        let ask = UpdateScheduleRequest { request_id: sent.request_id(), schedule: Some(schedule) };
        told(ScheduleServiceClient::new(visit.channel("performance")?).update_schedule(visit.request(ask))).await
    };
    page.answered(&visit, &sent, done.await.map(|_| ()), (&format!("{LIST}/{id}"), "SCHEDULE_CHANGED"))
}

async fn page_end(visit: &Visit, id: &str) -> Result<Act> {
    allowed(visit, NEEDED)?;
    let it = found(visit, id).await?;
    let back = format!("{LIST}/{id}");
    let ui = visit.ui(&msg!("UI_DELETE_SCHEDULE")).below(LIST, visit.ui(&msg!("NAV_SCHEDULES")).title);
    let ui = ui.below(back.clone(), &it.name);
    let form = Form::new(&ui, format!("{back}/delete"), "delete", "UI_DELETE_SCHEDULE").danger().with(sure(&ui));
    let said = ui.say(&msg!("UI_DELETE_SCHEDULE_SAID", name = it.name));
    Ok(Act::new(ui, form, back).note("warn", said))
}

/// `GET /platform/schedules/{id}/delete`.
pub async fn end_form(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(page_end(&visit, &id).await)
}

/// `POST /platform/schedules/{id}/delete`.
pub async fn end(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let page = match page_end(&visit, &id).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        all_right(missing(&sent, &["sure"]))?;
        let ask = DeleteScheduleRequest { request_id: sent.request_id(), schedule_id: id };
        told(ScheduleServiceClient::new(visit.channel("performance")?).delete_schedule(visit.request(ask))).await
    };
    page.answered(&visit, &sent, done.await.map(|_| ()), (LIST, "SCHEDULE_DELETED"))
}

fn fields(ui: &Ui, form: Form, it: &Schedule, schemes: Vec<Choice>) -> Form {
    let checked = |yes: bool| if yes { "yes" } else { "" };
    let scheme = if it.scheme_id.is_empty() { String::new() } else { key(&it.scheme_id, it.scheme_version) };
    form.with(
        Field::text(ui, "name", "UI_SCHEDULE_NAME").required().value(&it.name).hint(ui.t("UI_SCHEDULE_NAME_HINT")),
    )
    .with(Field::new(ui, "scheme_id", "UI_SCHEME", Kind::Choice(schemes)).required().value(scheme))
    .with(
        Field::new(ui, "day", "UI_SCHEDULE_DAY", Kind::Number)
            .required()
            .value(it.day.to_string())
            .hint(ui.t("UI_SCHEDULE_DAY_HINT")),
    )
    .with(Field::new(ui, "time", "UI_SCHEDULE_TIME", Kind::Time).required().value(&it.time))
    .with(Field::text(ui, "zone", "UI_ZONE").required().value(&it.zone))
    .with(Field::new(ui, "dry_first", "UI_DRY_FIRST", Kind::Check).value(checked(it.dry_first)))
    .with(
        Field::new(ui, "delay_minutes", "UI_DELAY_MINUTES", Kind::Number)
            .value(it.delay_minutes.to_string())
            .hint(ui.t("UI_DELAY_MINUTES_HINT")),
    )
    .with(
        Field::new(ui, "run_from_above", "UI_RUN_FROM_ABOVE", Kind::Check)
            .value(checked(it.run_from_above))
            .hint(ui.t("UI_RUN_FROM_ABOVE_HINT")),
    )
}

/// A scheme and its version as one choice; version 0 is the newest in use whenever a month is closed.
fn key(id: &str, version: u32) -> String {
    format!("{id}@{version}")
}

/// Each scheme in use as the newest of it, then its versions; and the one that `it` has, whatever became of that.
fn schemes_offered(ui: &Ui, schemes: &[Scheme], units: &Names, it: &Schedule) -> Vec<Choice> {
    let mut newest = BTreeMap::new();
    let (mut chosen, mut versions) = (false, Vec::new());
    for scheme in schemes {
        let own = scheme.scheme_id == it.scheme_id;
        if scheme.withdrawal.is_some() && !own {
            continue;
        }
        let (name, version, whose) = (scheme.name.clone(), scheme.version, unit(ui, units, &scheme.unit_id));
        let label = ui.say(&msg!("UI_SCHEME_NEWEST", name = name.clone()));
        newest.entry(scheme.scheme_id.clone()).or_insert((version, String::new()));
        if let Some(known) = newest.get_mut(&scheme.scheme_id).filter(|known| known.1.is_empty() || known.0 < version) {
            *known = (version, format!("{label} · {whose}"));
        }
        chosen |= own && version == it.scheme_version;
        let label = ui.say(&msg!("UI_NAME_VERSION", name, version));
        versions.push(Choice::new(key(&scheme.scheme_id, version), format!("{label} · {whose}")));
    }
    let mut offered: Vec<_> = newest.into_iter().map(|(id, (_, label))| Choice::new(key(&id, 0), label)).collect();
    chosen |= it.scheme_version == 0 && offered.iter().any(|choice| choice.value == key(&it.scheme_id, 0));
    offered.extend(versions);
    if !chosen && !it.scheme_id.is_empty() {
        offered.push(Choice::new(key(&it.scheme_id, it.scheme_version), ui.t("UI_SCHEME_UNREAD")));
    }
    offered
}

/// What was sent, over what the schedule is known to be.
fn asked(sent: &Sent, known: Schedule) -> Result<Schedule> {
    let mut wrong = missing(sent, &WANTED);
    let mut number = |name: &'static str| {
        let text = sent.get(name).trim();
        let read = text.parse::<u32>();
        if read.is_err() && !text.is_empty() {
            wrong.push((name, msg!("UI_NUMBER_WANTED")));
        }
        read.unwrap_or_default()
    };
    let (day, delay) = (number("day"), number("delay_minutes"));
    all_right(wrong)?;
    let text = |name: &str| sent.get(name).trim().to_owned();
    let (scheme_id, version) = sent.get("scheme_id").split_once('@').unwrap_or_default();
    let dry_first = !sent.get("dry_first").is_empty();
    Ok(Schedule {
        name: text("name"),
        scheme_id: scheme_id.to_owned(),
        scheme_version: version.parse().unwrap_or_default(),
        zone: text("zone"),
        day,
        time: text("time"),
        dry_first,
        delay_minutes: if dry_first { delay } else { 0 },
        run_from_above: !sent.get("run_from_above").is_empty(),
        ..known
    })
}
