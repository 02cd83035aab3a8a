//! Months that are closed by themselves: what is due, what each run did, beginning one by hand and stopping one in time.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::performance::v1::schedule_service_client::ScheduleServiceClient;
use tally_api::performance::v1::{
    BeginScheduleRunRequest, GetScheduleRequest, ListScheduleRunsRequest, ListSchedulesRequest, Schedule, ScheduleRun,
    ScheduleRunState, StopScheduleRunRequest,
};
use tally_kernel::{Error, Result, msg};

use crate::access::logins::List;
use crate::act::{Act, all_right, allowed, missing};
use crate::console::told;
use crate::names::{self, AT_ONCE, Names};
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::{Sent, Visit};

/// Address of the list.
pub const LIST: &str = "/platform/schedules";

/// A run as it is read.
struct Run {
    name: String,
    state: (String, &'static str),
    facts: Vec<(String, String)>,
    /// What it did: when, and what.
    log: Vec<(String, String)>,
    failure: String,
    /// Its cycle; empty where there is none.
    cycle: String,
    stop: Option<Form>,
}

/// A schedule and its runs.
#[derive(Template)]
#[template(path = "platform/schedule.html")]
struct One {
    ui: Ui,
    facts: Vec<(String, String)>,
    failure: String,
    runs: Vec<Run>,
    /// What the reader may do: address and name.
    acts: Vec<(String, String)>,
}

/// All of them.
///
/// # Errors
/// What performance refuses.
pub async fn all(visit: &Visit) -> Result<Vec<Schedule>> {
    let client = ScheduleServiceClient::new(visit.channel("performance")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListSchedulesRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_schedules(visit.request(ask)).await?.into_inner();
        Ok((page.schedules, page.next_page_token))
    })
    .await
}

/// `GET /platform/schedules`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_SCHEDULES"));
    let (all, units) = futures::try_join!(all(visit), names::units(visit, "", None))?;
    let units = Names::of_units(&units);
    let columns = vec![
        Column::text(&ui, "name", "UI_SCHEDULE_NAME"),
        Column::text(&ui, "unit", "UI_UNIT").filtered(),
        Column::text(&ui, "next", "UI_NEXT_CLOSING"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
    ];
    let row = |it: &Schedule| {
        let next = it.next_at.as_ref().and_then(instant);
        let failed = !it.failure.is_empty();
        Row {
            id: it.schedule_id.clone(),
            href: format!("{LIST}/{}", it.schedule_id),
            cells: vec![
                Cell::text(&it.name),
                Cell::text(unit(&ui, &units, &it.unit_id)),
                Cell::when(ui.moment(it.next_at.as_ref()), next.map_or(0, |at| at.as_second())),
                if failed {
                    Cell::pill(ui.t("UI_LAST_RUN_FAILED"), "bad")
                } else {
                    Cell::pill(ui.t("UI_RUNS_BY_ITSELF"), "good")
                },
            ],
        }
    };
    let rows = all.iter().map(row).collect();
    let table = Table::new(&ui, ("schedules", "NAV_SCHEDULES", "UI_NO_SCHEDULES"), &visit.asked(), columns, rows);
    let said = ui.t("UI_SCHEDULES_SAID");
    let may = visit.me().may_others(Permission::CycleClose);
    let act = if may { (format!("{LIST}/new"), ui.t("UI_NEW_SCHEDULE")) } else { Default::default() };
    Ok(List { ui, table, act, said })
}

/// Whose it is.
pub fn unit(ui: &Ui, units: &Names, id: &str) -> String {
    if id.is_empty() { ui.t("UI_WHOLE_GROUP") } else { units.said(id) }
}

/// A schedule by its id.
pub async fn found(visit: &Visit, id: &str) -> Result<Schedule> {
    let ask = GetScheduleRequest { schedule_id: id.to_owned() };
    let mut client = ScheduleServiceClient::new(visit.channel("performance")?);
    let found = told(client.get_schedule(visit.request(ask))).await?;
    found.schedule.ok_or_else(|| Error::not_found("schedule", id))
}

/// `GET /platform/schedules/{id}`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(shown(&visit, &id).await)
}

async fn shown(visit: &Visit, id: &str) -> Result<One> {
    let client = ScheduleServiceClient::new(visit.channel("performance")?);
    let runs = tally_rpc::pages(async |page_token| {
        let ask = ListScheduleRunsRequest { schedule_id: id.to_owned(), page_size: AT_ONCE, page_token };
        let page = client.clone().list_schedule_runs(visit.request(ask)).await?.into_inner();
        Ok((page.runs, page.next_page_token))
    });
    let (it, runs, units) = futures::try_join!(found(visit, id), runs, names::units(visit, "", None))?;
    let ui = visit.ui(&msg!("NAV_SCHEDULES")).titled(it.name.clone());
    let ui = ui.below(LIST, visit.ui(&msg!("NAV_SCHEDULES")).title);
    let may = visit.me().may_others(Permission::CycleClose);
    let when = ui.say(&msg!("UI_CLOSES_ON", day = it.day, time = it.time.clone(), zone = it.zone.clone()));
    let period = it.next_period.clone().unwrap_or_default();
    let mut facts = vec![
        (ui.t("UI_UNIT"), unit(&ui, &Names::of_units(&units), &it.unit_id)),
        (ui.t("UI_CLOSES"), when),
        (ui.t("UI_NEXT_CLOSING"), ui.moment(it.next_at.as_ref())),
        (ui.t("UI_PERIOD"), ui.format.period(&period.from, &period.to)),
    ];
    if it.dry_first {
        facts.push((ui.t("UI_LOOKS_FIRST"), ui.say(&msg!("UI_WAITS_MINUTES", minutes = it.delay_minutes))));
    }
    Ok(One {
        facts,
        failure: it.failure,
        runs: runs.iter().map(|run| told_of(&ui, id, run, may)).collect(),
        acts: if may { deeds(&ui, id) } else { Vec::new() },
        ui,
    })
}

fn deeds(ui: &Ui, id: &str) -> Vec<(String, String)> {
    let deeds = [("begin", "UI_BEGIN_MONTH"), ("change", "UI_CHANGE_SCHEDULE"), ("delete", "UI_DELETE_SCHEDULE")];
    deeds.map(|(deed, label)| (format!("{LIST}/{id}/{deed}"), ui.t(label))).into()
}

fn told_of(ui: &Ui, id: &str, run: &ScheduleRun, may: bool) -> Run {
    let state = run.state();
    let tone = match state {
        ScheduleRunState::Done => "good",
        ScheduleRunState::Failed => "bad",
        ScheduleRunState::Waiting | ScheduleRunState::Closing | ScheduleRunState::Looking => "accent",
        ScheduleRunState::Stopped | ScheduleRunState::Unspecified => "plain",
    };
    let stoppable = matches!(state, ScheduleRunState::Looking | ScheduleRunState::Waiting);
    let mut facts = vec![(ui.t("UI_WAS_DUE"), ui.moment(run.due_at.as_ref()))];
    if run.next_at.is_some() {
        facts.push((ui.t("UI_GOES_ON"), ui.moment(run.next_at.as_ref())));
    }
    let stop = format!("{LIST}/{id}/runs/{}/stop", run.schedule_run_id);
    Run {
        name: run.name.clone(),
        state: (ui.word(state.as_str_name()), tone),
        facts,
        log: run.log.iter().map(|line| (ui.moment(line.at.as_ref()), line.text.clone())).collect(),
        failure: run.failure.clone(),
        cycle: run.cycle_id.clone(),
        stop: (may && stoppable).then(|| Form::new(ui, stop, "stop", "UI_STOP_RUN").danger()),
    }
}

/// `POST /platform/schedules/{id}/runs/{run}/stop`.
pub async fn stop(visit: Visit, Path((id, run)): Path<(String, String)>, sent: Sent) -> Response<Body> {
    let ask = StopScheduleRunRequest { request_id: sent.request_id(), schedule_run_id: run };
    let done = async {
        told(ScheduleServiceClient::new(visit.channel("performance")?).stop_schedule_run(visit.request(ask))).await
    };
    match done.await {
        Ok(_) => visit.done(&format!("{LIST}/{id}"), "SCHEDULE_RUN_STOPPED"),
        Err(error) => visit.refused(&error),
    }
}

async fn page_month(visit: &Visit, id: &str) -> Result<Act> {
    allowed(visit, Permission::CycleClose)?;
    let it = found(visit, id).await?;
    let back = format!("{LIST}/{id}");
    let ui = visit.ui(&msg!("UI_BEGIN_MONTH")).below(LIST, visit.ui(&msg!("NAV_SCHEDULES")).title);
    let ui = ui.below(back.clone(), &it.name);
    let month = Field::new(&ui, "month", "UI_MONTH", Kind::Text).required().hint(ui.t("UI_MONTH_HINT"));
    let form = Form::new(&ui, format!("{LIST}/{id}/begin"), "begin", "UI_BEGIN_MONTH").with(month);
    let said = ui.t("UI_BEGIN_SAID");
    Ok(Act::new(ui, form, back).note("plain", said))
}

/// `GET /platform/schedules/{id}/begin`.
pub async fn month(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(page_month(&visit, &id).await)
}

/// `POST /platform/schedules/{id}/begin`.
pub async fn begin(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let page = match page_month(&visit, &id).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        all_right(missing(&sent, &["month"]))?;
        let (schedule_id, month) = (id.clone(), sent.get("month").trim().to_owned());
        let ask = BeginScheduleRunRequest { request_id: sent.request_id(), schedule_id, month };
        told(ScheduleServiceClient::new(visit.channel("performance")?).begin_schedule_run(visit.request(ask))).await
    };
    page.answered(&visit, &sent, done.await.map(|_| ()), (&format!("{LIST}/{id}"), "SCHEDULE_RUN_BEGUN"))
}
