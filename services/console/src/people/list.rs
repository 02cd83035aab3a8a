//! The list of people.

use askama::Template;
use axum::body::Body;
use http::Response;
use tally_access::Permission;
use tally_api::common::v1::{EmploymentKind, Period};
use tally_api::identity::v1::{Employment, Person, Post};
use tally_kernel::{Result, msg};

use crate::act::{AsOf, sortable};
use crate::names;
use crate::ui::Ui;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "people/list.html")]
struct List {
    ui: Ui,
    asof: AsOf,
    may_add: bool,
    table: Table,
}

/// `GET /people?day=&known=`: who is employed on a day, as was known on another.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_PEOPLE"));
    let asked = visit.asked();
    let asof = AsOf::of(&ui, &asked);
    let period = Period { from: asof.day.clone(), to: asof.day.clone() };
    let people = names::everybody(visit, Some(period), asof.known_at(&ui)).await?;
    let columns = vec![
        Column::text(&ui, "name", "UI_NAME"),
        Column::text(&ui, "number", "UI_EMPLOYEE_NO"),
        Column::text(&ui, "unit", "UI_UNIT").filtered(),
        Column::text(&ui, "position", "UI_POSITION").filtered(),
        Column::text(&ui, "grade", "UI_GRADE").filtered(),
        Column::text(&ui, "kind", "UI_EMPLOYED_AS").filtered().hidden(),
        Column::text(&ui, "region", "UI_REGION").filtered().hidden(),
        Column::text(&ui, "since", "UI_SINCE"),
    ];
    let rows = people.iter().map(|person| row(&ui, person, &asof)).collect();
    let table = Table::new(&ui, ("people", "NAV_PEOPLE", "UI_NO_PEOPLE"), &asked, columns, rows);
    let may_add = visit.me().may(Permission::PersonWrite);
    Ok(List { ui, asof, may_add, table })
}

fn row(ui: &Ui, person: &Person, asof: &AsOf) -> Row {
    let home = |it: &&Employment| it.post() == Post::Home && asof.within(&it.from, &it.to);
    let home = person.employments.iter().find(home).cloned().unwrap_or_default();
    let kind = home.kind();
    let or_hidden = |text: &str| if text.is_empty() { ui.t("UI_HIDDEN") } else { text.to_owned() };
    Row {
        id: person.person_id.clone(),
        href: format!("/people/{}{}", person.person_id, asof.query()),
        cells: vec![
            Cell::text(or_hidden(&person.name)),
            Cell::code(or_hidden(&person.employee_no)),
            Cell::text(home.unit_path),
            Cell::text(home.position),
            Cell::text(home.grade),
            Cell::text(if kind == EmploymentKind::Unspecified { String::new() } else { ui.word(kind.as_str_name()) }),
            Cell::text(home.region),
            Cell::when(ui.format.day_text(&home.from), sortable(&home.from)),
        ],
    }
}
