//! The list of people.

use askama::Template;
use axum::body::Body;
use http::Response;
use tally_api::common::v1::Period;
use tally_api::identity::v1::person_service_client::PersonServiceClient;
use tally_api::identity::v1::{Employment, ListPeopleRequest, Person, Post};
use tally_kernel::{Result, msg};

use crate::ui::Ui;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::Visit;

/// Rows that a service gives at once.
const AT_ONCE: u32 = 1_000;

#[derive(Template)]
#[template(path = "people/list.html")]
struct List {
    ui: Ui,
    /// The day that is shown.
    day: String,
    table: Table,
}

/// `GET /people?day=`: who is employed on a day.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_PEOPLE"));
    let asked = visit.asked();
    let today = ui.now().to_zoned(ui.format.zone().clone()).date().to_string();
    let day = if asked.get("day").is_empty() { today } else { asked.get("day").to_owned() };
    let people = people(visit, &day).await?;
    let columns = vec![
        Column::text(&ui, "name", "UI_NAME"),
        Column::text(&ui, "number", "UI_EMPLOYEE_NO"),
        Column::text(&ui, "unit", "UI_UNIT").filtered(),
        Column::text(&ui, "position", "UI_POSITION").filtered(),
        Column::text(&ui, "grade", "UI_GRADE").filtered(),
        Column::text(&ui, "region", "UI_REGION").filtered().hidden(),
        Column::text(&ui, "since", "UI_SINCE"),
    ];
    let rows = people.iter().map(|person| row(&ui, person, &day)).collect();
    let table = Table::new(&ui, ("people", "NAV_PEOPLE", "UI_NO_PEOPLE"), &asked, columns, rows);
    Ok(List { ui, day, table })
}

async fn people(visit: &Visit, day: &str) -> Result<Vec<Person>> {
    let client =
        PersonServiceClient::new(visit.channel("identity")?).max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    let period = Some(Period { from: day.to_owned(), to: day.to_owned() });
    tally_rpc::pages(async |page_token| {
        let ask = ListPeopleRequest { period: period.clone(), page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_people(visit.request(ask)).await?.into_inner();
        Ok((page.people, page.next_page_token))
    })
    .await
}

fn row(ui: &Ui, person: &Person, day: &str) -> Row {
    let home = |it: &&Employment| {
        it.post() == Post::Home && it.from.as_str() <= day && (it.to.is_empty() || it.to.as_str() >= day)
    };
    let home = person.employments.iter().find(home).cloned().unwrap_or_default();
    let since = home
        .from
        .parse()
        .map_or(0, |day: jiff::civil::Date| i64::from(day.year()) * 400 + i64::from(day.day_of_year()));
    Row {
        id: person.person_id.clone(),
        href: format!("/people/{}", person.person_id),
        cells: vec![
            Cell::text(&person.name),
            Cell::code(&person.employee_no),
            Cell::text(home.unit_path),
            Cell::text(home.position),
            Cell::text(home.grade),
            Cell::text(home.region),
            Cell::when(ui.format.day_text(&home.from), since),
        ],
    }
}
