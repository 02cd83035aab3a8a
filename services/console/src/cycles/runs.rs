//! Attribution runs: who is credited with what, before anything is scored.

use std::collections::BTreeMap;

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::common::v1::{Finding, Period};
use tally_api::performance::v1::attribution_run_service_client::AttributionRunServiceClient;
use tally_api::performance::v1::attribution_service_client::AttributionServiceClient;
use tally_api::performance::v1::{
    AttributionRun, AttributionRunState, CancelAttributionRunRequest, Cycle, ListTotalsRequest,
    StartAttributionRunRequest, Total,
};
use tally_kernel::{Result, msg};

use super::watch::Watches;
use super::words::{self, Fact};
use super::{data, data::client, progress, review};
use crate::console::told;
use crate::names::{self, AT_ONCE, Names};
use crate::ui::Ui;
use crate::ui::chart::Bars;
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

/// Findings that the page of a run tells; it counts all.
const TOLD: usize = 50;

#[derive(Template)]
#[template(path = "cycles/runs.html")]
struct List {
    ui: Ui,
    table: Table,
    may_start: bool,
}

/// `GET /runs`
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_RUNS"));
    let (runs, units, cycles) =
        futures::try_join!(data::runs(visit), names::units(visit, "", None), data::cycles(visit))?;
    let units = Names::of_units(&units);
    let cycles: BTreeMap<_, _> = cycles.into_iter().map(|it| (it.cycle_id, it.name)).collect();
    let columns = vec![
        Column::text(&ui, "started", "UI_STARTED"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
        Column::text(&ui, "period", "UI_PERIOD").filtered(),
        Column::text(&ui, "unit", "UI_UNIT").filtered(),
        Column::text(&ui, "cycle", "UI_CYCLE"),
        Column::number(&ui, "records", "UI_RECORDS"),
        Column::number(&ui, "credited", "UI_CREDITED"),
    ];
    let row = |it: &AttributionRun| {
        let (period, state) = (it.period.clone().unwrap_or_default(), it.state());
        let count = |number: Option<u64>| {
            number.map_or_else(|| Cell::text(""), |number| Cell::number(ui.format.count(number), number))
        };
        Row {
            id: it.attribution_run_id.clone(),
            href: format!("/runs/{}", it.attribution_run_id),
            cells: vec![
                Cell::when(ui.moment(it.started_at.as_ref()), it.started_at.as_ref().map_or(0, |at| at.seconds)),
                Cell::pill(ui.word(state.as_str_name()), words::run_tone(state)),
                Cell::text(ui.format.period(&period.from, &period.to)),
                Cell::text(words::unit(&ui, &units, &it.unit_id)),
                Cell::text(cycles.get(&it.cycle_id).cloned().unwrap_or_default()),
                count(it.summary.as_ref().map(|it| it.records)),
                count(it.summary.as_ref().map(|it| it.credited)),
            ],
        }
    };
    let rows = runs.iter().map(row).collect();
    let table = Table::new(&ui, ("runs", "NAV_RUNS", "UI_NO_RUNS"), &visit.asked(), columns, rows);
    Ok(List { table, may_start: visit.me().may_others(Permission::CycleClose), ui })
}

#[derive(Template)]
#[template(path = "cycles/run.html")]
struct One {
    ui: Ui,
    id: String,
    state: String,
    tone: &'static str,
    facts: Vec<Fact>,
    failure: String,
    progress: Option<String>,
    tiles: Vec<(String, String, String)>,
    rungs: Bars,
    findings: Bars,
    findings_said: String,
    /// The first of them: kind, what was seen, what to do.
    told: Vec<(String, String, String)>,
    totals: Option<Table>,
    cancel: Option<Form>,
}

impl One {
    /// Where its progress is told.
    fn watched(&self) -> String {
        format!("/runs/{}/progress", self.id)
    }
}

/// `GET /runs/{id}`
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(shown(&visit, &id, None).await)
}

/// `GET /runs/{id}/progress`
pub async fn progress(
    visit: Visit,
    Path(id): Path<String>,
    Extension(watches): Extension<Watches>,
) -> axum::response::Response {
    match data::run(&visit, &id).await.and_then(|_| progress::run(&visit, &watches, &id)) {
        Ok(answer) => answer,
        Err(error) => visit.refused(&error),
    }
}

async fn totals(visit: &Visit, id: &str) -> Result<Vec<Total>> {
    let client = client!(visit, AttributionServiceClient);
    tally_rpc::pages(async |page_token| {
        let attribution_run_id = id.to_owned();
        let ask = ListTotalsRequest { attribution_run_id, page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_totals(visit.request(ask)).await?.into_inner();
        Ok((page.totals, page.next_page_token))
    })
    .await
}

async fn shown(visit: &Visit, id: &str, refused: Option<Form>) -> Result<One> {
    let run = data::run(visit, id).await?;
    let done = run.state() == AttributionRunState::Done && visit.me().may(Permission::CreditRead);
    let (units, cycle, people, totals, findings) = futures::try_join!(
        names::units(visit, "", None),
        async {
            if run.cycle_id.is_empty() {
                Ok(None)
            } else {
                data::where_allowed(data::cycle(visit, &run.cycle_id).await)
            }
        },
        names::people(visit),
        async { if done { data::where_allowed(totals(visit, id).await) } else { Ok(None) } },
        async { if done { data::where_allowed(data::findings(visit, "", id).await) } else { Ok(None) } }
    )?;
    let state = run.state();
    let ui = visit.ui(&msg!("UI_RUN")).below("/runs", visit.ui(&msg!("NAV_RUNS")).title);
    let units = Names::of_units(&units);
    let told = |it: &Finding| (review::finding_kind(&ui, &it.kind), it.detail.clone(), it.advice.clone());
    let (bars, said) = review::findings(&ui, findings.as_ref());
    let may_cancel = state == AttributionRunState::Running
        && run.cycle_id.is_empty()
        && visit.me().may_others(Permission::CycleClose);
    Ok(One {
        id: id.to_owned(),
        state: ui.word(state.as_str_name()),
        tone: words::run_tone(state),
        facts: facts(&ui, &run, &units, cycle.as_ref()),
        failure: run.failure.clone(),
        progress: (state == AttributionRunState::Running).then(|| progress::part(&ui, &run.step, run.done, run.total)),
        tiles: tiles(&ui, &run),
        rungs: words::rungs(&ui, run.summary.as_ref().map(|it| it.rungs.as_slice()).unwrap_or_default()),
        findings: bars,
        findings_said: if findings.is_some() { said } else { String::new() },
        told: findings.iter().flat_map(|it| &it.findings).take(TOLD).map(told).collect(),
        totals: totals.map(|totals| table(&ui, &totals, &people)),
        cancel: may_cancel.then(|| refused.unwrap_or_else(|| cancelling(&ui, id))),
        ui,
    })
}

fn facts(ui: &Ui, run: &AttributionRun, units: &Names, cycle: Option<&Cycle>) -> Vec<Fact> {
    let period = run.period.clone().unwrap_or_default();
    let policy = run.policy.clone().unwrap_or_default();
    let mut facts = vec![
        Fact::new(ui, "UI_PERIOD", ui.format.period(&period.from, &period.to)),
        Fact::new(ui, "UI_UNIT", words::unit(ui, units, &run.unit_id)),
        Fact::new(ui, "UI_STARTED", ui.moment(run.started_at.as_ref())),
        Fact::new(ui, "UI_RULES", ui.say(&msg!("UI_VERSION_N", version = policy.version))),
    ];
    if let Some(cycle) = cycle {
        facts.push(Fact::new(ui, "UI_CYCLE", cycle.name.clone()).to(format!("/cycles/{}", cycle.cycle_id)));
    }
    facts
}

fn tiles(ui: &Ui, run: &AttributionRun) -> Vec<(String, String, String)> {
    let Some(it) = &run.summary else { return Vec::new() };
    let share = |part: u64| part.saturating_mul(1_000_000).checked_div(it.records).unwrap_or_default();
    let percent = |part: u64| ui.format.percent(i64::try_from(share(part)).unwrap_or_default());
    vec![
        (ui.t("UI_RECORDS"), ui.format.count(it.records), String::new()),
        (ui.t("UI_CREDITED"), percent(it.credited), ui.format.count(it.credited)),
        (ui.t("UI_UNATTRIBUTED"), percent(it.unattributed), ui.format.count(it.unattributed)),
        (ui.t("UI_PEOPLE_CREDITED"), ui.format.count(it.people), String::new()),
        (ui.t("UI_ACCOUNTS"), ui.format.count(it.accounts), String::new()),
    ]
}

fn table(ui: &Ui, totals: &[Total], people: &Names) -> Table {
    let columns = vec![
        Column::text(ui, "person", "UI_NAME"),
        Column::number(ui, "total", "UI_CREDITED_RECORDS"),
        Column::number(ui, "low", "UI_AT_LEAST"),
        Column::number(ui, "high", "UI_AT_MOST"),
        Column::number(ui, "tagged", "UI_NAMED_SHARE"),
    ];
    let records = |ppm: u64| Cell::number(review::records(ui, ppm), ppm);
    let sure = |it: &Total| it.tagged_ppm + it.handover_ppm + it.sole_ppm + it.claimed_ppm + it.device_ppm;
    let row = |it: &Total| {
        let part = sure(it).saturating_mul(1_000_000).checked_div(it.total_ppm).unwrap_or_default();
        let part = u32::try_from(part).unwrap_or_default();
        Row {
            id: it.person_id.clone(),
            href: format!("/people/{}", it.person_id),
            cells: vec![
                Cell::text(people.said(&it.person_id)),
                records(it.total_ppm),
                records(it.low_ppm),
                records(it.high_ppm),
                Cell::share(ui.format.percent(part), part),
            ],
        }
    };
    let rows = totals.iter().filter(|it| it.account_id.is_empty()).map(row).collect();
    let query = ui.here().split_once('?').map_or("", |(_, query)| query);
    let asked = crate::ui::table::Asked::of(form_urlencoded::parse(query.as_bytes()).into_owned().collect());
    Table::new(ui, ("totals", "UI_TOTALS", "UI_NOTHING_THERE"), &asked, columns, rows)
}

fn cancelling(ui: &Ui, id: &str) -> Form {
    Form::new(ui, format!("/runs/{id}/cancel"), "cancel", "UI_CANCEL_RUN")
        .with(Field::new(ui, "sure", "UI_SURE", Kind::Check).required())
        .danger()
}

/// `POST /runs/{id}/cancel`
pub async fn cancel(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let cancelled = async {
        let ask = CancelAttributionRunRequest { request_id: sent.request_id(), attribution_run_id: id.clone() };
        told(client!(visit, AttributionRunServiceClient).cancel_attribution_run(visit.request(ask))).await
    };
    match cancelled.await {
        Ok(_) => visit.done(&format!("/runs/{id}"), "RUN_CANCELLED"),
        Err(error) => {
            let ui = visit.ui(&msg!("UI_RUN"));
            let form = cancelling(&ui, &id).refused(&ui, sent.fields(), &error);
            visit.wrong(shown(&visit, &id, Some(form)).await, &error)
        }
    }
}

#[derive(Template)]
#[template(path = "cycles/run-new.html")]
struct New {
    ui: Ui,
    form: Form,
}

/// `GET /runs/new`
pub async fn new(visit: Visit) -> Response<Body> {
    visit.page(drawn(&visit).await)
}

async fn drawn(visit: &Visit) -> Result<New> {
    let ui = visit.ui(&msg!("UI_NEW_RUN")).below("/runs", visit.ui(&msg!("NAV_RUNS")).title);
    let units = Names::of_units(&names::units(visit, "", None).await?);
    let mut unit = Field::new(&ui, "unit_id", "UI_UNIT", Kind::Choice(units.choices()));
    if visit.me().may_all(Permission::CycleClose) {
        unit = unit.hint(ui.t("UI_UNIT_OR_GROUP_HINT"));
    } else {
        unit = unit.required();
    }
    let form = Form::new(&ui, "/runs/new", "run", "UI_START_RUN")
        .with(unit)
        .with(Field::new(&ui, "from", "UI_FIRST_DAY", Kind::Date).required())
        .with(Field::new(&ui, "to", "UI_LAST_DAY", Kind::Date).required());
    Ok(New { form, ui })
}

/// `POST /runs/new`
pub async fn start(visit: Visit, sent: Sent) -> Response<Body> {
    let started = async {
        let period = Some(Period { from: sent.get("from").to_owned(), to: sent.get("to").to_owned() });
        let run = AttributionRun { unit_id: sent.get("unit_id").to_owned(), period, ..Default::default() };
        let ask = StartAttributionRunRequest { request_id: sent.request_id(), run: Some(run) };
        told(client!(visit, AttributionRunServiceClient).start_attribution_run(visit.request(ask))).await
    };
    match started.await {
        Ok(answer) => {
            let id = answer.run.unwrap_or_default().attribution_run_id;
            visit.done(&format!("/runs/{id}"), "RUN_STARTED")
        }
        Err(error) => {
            let page = drawn(&visit)
                .await
                .map(|page| New { form: page.form.refused(&page.ui, sent.fields(), &error), ui: page.ui });
            visit.wrong(page, &error)
        }
    }
}
