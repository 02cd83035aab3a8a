//! Cycles: the list, and making one after a look at who would be in it.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use http::Response;
use tally_access::Permission;
use tally_api::common::v1::{EmploymentKind, Period};
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_api::performance::v1::{
    CreateCycleRequest, Cycle, Population, PopulationMember, PreviewPopulationRequest, PreviewPopulationResponse,
    Scheme,
};
use tally_kernel::error::Kind as ErrorKind;
use tally_kernel::{Error, Result, msg};

use super::data::{self, client};
use super::definition::listed;
use super::words;
use crate::console::told;
use crate::names::{self, AT_ONCE, Names};
use crate::ui::Ui;
use crate::ui::chart::Bars;
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

#[derive(Template)]
#[template(path = "cycles/list.html")]
struct List {
    ui: Ui,
    table: Table,
    may_write: bool,
}

/// `GET /cycles`
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(all(&visit).await, |page| &page.table)
}

async fn all(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_CYCLES"));
    let (cycles, units, schemes) =
        futures::try_join!(data::cycles(visit), names::units(visit, "", None), data::schemes(visit))?;
    let units = Names::of_units(&units);
    let schemes: BTreeMap<_, _> = schemes.into_iter().map(|it| (it.scheme_id, it.name)).collect();
    let columns = vec![
        Column::text(&ui, "name", "UI_NAME"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
        Column::text(&ui, "period", "UI_PERIOD").filtered(),
        Column::text(&ui, "unit", "UI_UNIT").filtered(),
        Column::text(&ui, "scheme", "UI_SCHEME").filtered(),
        Column::number(&ui, "people", "UI_PEOPLE_IN"),
        Column::text(&ui, "published", "UI_PUBLISHED_AT"),
    ];
    let row = |it: &Cycle| row(&ui, it, &units, &schemes);
    let rows = cycles.iter().map(row).collect();
    let table = Table::new(&ui, ("cycles", "NAV_CYCLES", "UI_NO_CYCLES"), &visit.asked(), columns, rows);
    Ok(List { table, may_write: visit.me().may_others(Permission::CycleWrite), ui })
}

fn row(ui: &Ui, cycle: &Cycle, units: &Names, schemes: &BTreeMap<String, String>) -> Row {
    let period = cycle.period.clone().unwrap_or_default();
    let (name, version) = (schemes.get(&cycle.scheme_id).cloned().unwrap_or_default(), cycle.scheme_version);
    let state = cycle.state();
    let title = if cycle.corrects_id.is_empty() {
        cycle.name.clone()
    } else {
        let name = &cycle.name;
        ui.say(&msg!("UI_CORRECTION_OF", name))
    };
    let people = cycle.summary.as_ref().map(|it| it.people);
    Row {
        id: cycle.cycle_id.clone(),
        href: format!("/cycles/{}", cycle.cycle_id),
        cells: vec![
            Cell::text(title),
            Cell::pill(ui.word(state.as_str_name()), words::tone(state)),
            Cell::text(ui.format.period(&period.from, &period.to)),
            Cell::text(words::unit(ui, units, &cycle.unit_id)),
            Cell::text(if name.is_empty() { String::new() } else { ui.say(&msg!("UI_NAME_VERSION", name, version)) }),
            people.map_or_else(|| Cell::text(""), |people| Cell::number(ui.format.count(people), people)),
            cycle
                .published_at
                .as_ref()
                .map_or_else(|| Cell::text(""), |at| Cell::when(ui.moment(Some(at)), at.seconds)),
        ],
    }
}

/// Who would be in a cycle.
struct Preview {
    included: String,
    left_out: String,
    reasons: Bars,
    members: Vec<Member>,
    counted: String,
}

/// Somebody who would be in it, or not.
struct Member {
    name: String,
    href: String,
    included: bool,
    why: String,
    unit: String,
}

/// People whom a preview names; it counts all.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "cycles/new.html")]
struct New {
    ui: Ui,
    form: Form,
    preview: Option<Preview>,
}

/// What the form offers.
struct Offered {
    units: Names,
    schemes: Vec<Scheme>,
    people: Names,
}

async fn offered(visit: &Visit) -> Result<Offered> {
    let (units, schemes, people) =
        futures::try_join!(names::units(visit, "", None), data::schemes(visit), names::people(visit))?;
    Ok(Offered { units: Names::of_units(&units), schemes, people })
}

fn titled(visit: &Visit) -> Ui {
    visit.ui(&msg!("UI_NEW_CYCLE")).below("/cycles", visit.ui(&msg!("NAV_CYCLES")).title)
}

/// `GET /cycles/new`
pub async fn new(visit: Visit) -> Response<Body> {
    let ui = titled(&visit);
    let offered = offered(&visit).await;
    visit.page(offered.map(|offered| New { form: form(&ui, &visit, &offered), preview: None, ui }))
}

/// `POST /cycles/new`: shows who would be in it, or makes it.
pub async fn make(visit: Visit, sent: Sent) -> Response<Body> {
    let offered = match offered(&visit).await {
        Ok(offered) => offered,
        Err(error) => return visit.refused(&error),
    };
    let ui = titled(&visit);
    let empty = form(&ui, &visit, &offered);
    let result = match asked_for(&sent, &offered) {
        Ok(cycle) if sent.get("do") == "make" => match made(&visit, &sent, cycle).await {
            Ok(id) => return visit.done(&format!("/cycles/{id}"), "CYCLE_MADE"),
            Err(error) => Err(error),
        },
        Ok(cycle) => preview(&visit, &ui, cycle, &offered).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(preview) => visit.page(Ok(New { form: empty.filled(sent.fields()), preview: Some(preview), ui })),
        Err(error) => {
            let form = empty.refused(&ui, sent.fields(), &error);
            visit.wrong(Ok(New { form, preview: None, ui }), &error)
        }
    }
}

fn form(ui: &Ui, visit: &Visit, offered: &Offered) -> Form {
    let in_use = offered.schemes.iter().filter(|it| it.withdrawal.is_none());
    let scheme = |it: &Scheme| {
        let (name, version, unit) = (&it.name, it.version, words::unit(ui, &offered.units, &it.unit_id));
        Choice::new(
            format!("{}@{}", it.scheme_id, it.version),
            format!("{} · {unit}", ui.say(&msg!("UI_NAME_VERSION", name, version))),
        )
    };
    let mut unit = Field::new(ui, "unit_id", "UI_UNIT", Kind::Choice(offered.units.choices()));
    if visit.me().may_all(Permission::CycleWrite) {
        unit = unit.hint(ui.t("UI_UNIT_OR_GROUP_HINT"));
    } else {
        unit = unit.required();
    }
    let kinds = KINDS.iter().fold(Vec::new(), |mut all, kind| {
        all.push(Field {
            label: ui.word(kind.as_str_name()),
            ..Field::new(ui, kind.as_str_name(), "UI_KIND", Kind::Check)
        });
        all
    });
    let mut form = Form::new(ui, "/cycles/new", "cycle", "UI_MAKE_CYCLE")
        .with(Field::text(ui, "name", "UI_NAME").required())
        .with(unit)
        .with(Field::new(ui, "from", "UI_FIRST_DAY", Kind::Date).required())
        .with(Field::new(ui, "to", "UI_LAST_DAY", Kind::Date).required())
        .with(Field::new(ui, "scheme_id", "UI_SCHEME", Kind::Choice(in_use.map(scheme).collect())).required())
        .with(Field::text(ui, "positions", "UI_POSITIONS").hint(ui.t("UI_LIST_HINT")))
        .with(Field::text(ui, "grades", "UI_GRADES").hint(ui.t("UI_LIST_HINT")))
        .with(Field::new(ui, "include", "UI_INCLUDE", Kind::Long).hint(ui.t("UI_PEOPLE_HINT")))
        .with(Field::new(ui, "exclude", "UI_EXCLUDE", Kind::Long).hint(ui.t("UI_PEOPLE_HINT")))
        .with(Field::new(ui, "as_of", "UI_AS_OF_DAY", Kind::Date).hint(ui.t("UI_AS_OF_DAY_HINT")));
    for field in kinds {
        form = form.with(field);
    }
    form
}

/// Kinds of employment that a population may be of.
const KINDS: [EmploymentKind; 7] = [
    EmploymentKind::FullTime,
    EmploymentKind::PartTime,
    EmploymentKind::FixedTerm,
    EmploymentKind::Intern,
    EmploymentKind::Agency,
    EmploymentKind::Outsourced,
    EmploymentKind::Freelance,
];

fn asked_for(sent: &Sent, offered: &Offered) -> Result<Cycle> {
    let get = |name: &str| sent.get(name).to_owned();
    let (include_person_ids, exclude_person_ids) =
        (people(sent, "include", &offered.people)?, people(sent, "exclude", &offered.people)?);
    let population = Population {
        positions: listed(sent.get("positions")),
        grades: listed(sent.get("grades")),
        include_person_ids,
        exclude_person_ids,
        as_of: get("as_of"),
        employment_kinds: KINDS
            .iter()
            .filter(|kind| sent.get(kind.as_str_name()) == "yes")
            .map(|kind| (*kind).into())
            .collect(),
        ..Default::default()
    };
    let (scheme_id, version) = sent.get("scheme_id").split_once('@').unwrap_or_default();
    Ok(Cycle {
        name: get("name"),
        unit_id: get("unit_id"),
        period: Some(Period { from: get("from"), to: get("to") }),
        scheme_id: scheme_id.to_owned(),
        scheme_version: version.parse().unwrap_or_default(),
        population: Some(population.clone()).filter(|it| *it != Population::default()),
        ..Default::default()
    })
}

/// The people whom a field names.
fn people(sent: &Sent, field: &str, people: &Names) -> Result<Vec<String>> {
    let found = |name: String| {
        let wrong =
            |said| Error::of(ErrorKind::InvalidArgument, msg!("INVALID_REQUEST", count = 1)).at(field.to_owned(), said);
        people.find(&name).map_err(wrong)
    };
    listed(sent.get(field)).into_iter().map(found).collect()
}

async fn made(visit: &Visit, sent: &Sent, cycle: Cycle) -> Result<String> {
    let ask = CreateCycleRequest { request_id: sent.request_id(), cycle: Some(cycle) };
    let answer = told(client!(visit, CycleServiceClient).create_cycle(visit.request(ask))).await?;
    Ok(answer.cycle.unwrap_or_default().cycle_id)
}

async fn preview(visit: &Visit, ui: &Ui, cycle: Cycle, offered: &Offered) -> Result<Preview> {
    let ask = PreviewPopulationRequest {
        unit_id: cycle.unit_id,
        period: cycle.period,
        population: cycle.population,
        page_size: AT_ONCE,
        page_token: String::new(),
    };
    let seen = told(client!(visit, CycleServiceClient).preview_population(visit.request(ask))).await?;
    let member = |it: &PopulationMember| Member {
        name: offered.people.said(&it.person_id),
        href: format!("/people/{}", it.person_id),
        included: it.included,
        why: ui.word(it.reason().as_str_name()),
        unit: offered.units.said(&it.unit_id),
    };
    let (shown, total) = (seen.members.len().min(SHOWN), seen.included + seen.left_out);
    Ok(Preview {
        included: ui.format.count(seen.included),
        left_out: ui.format.count(seen.left_out),
        reasons: reasons(ui, &seen),
        members: seen.members.iter().take(SHOWN).map(member).collect(),
        counted: ui.say(&msg!("UI_ROWS_OF", count = shown, total)),
    })
}

fn reasons(ui: &Ui, seen: &PreviewPopulationResponse) -> Bars {
    let mut counted: BTreeMap<(bool, i32), (String, u64)> = BTreeMap::new();
    for member in &seen.members {
        let said = ui.word(member.reason().as_str_name());
        counted.entry((!member.included, member.reason)).or_insert((said, 0)).1 += 1;
    }
    let bar = |((out, _), (said, count)): ((bool, i32), (String, u64))| {
        (said, ui.format.count(count), count, if out { "plain" } else { "good" })
    };
    Bars::of(ui.t("UI_WHY"), counted.into_iter().map(bar))
}
