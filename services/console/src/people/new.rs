//! One more person, written as a row of the import of people.

use axum::body::Body;
use http::Response;
use jiff::tz::TimeZone;
use tally_access::Permission;
use tally_api::identity::v1::person_service_client::PersonServiceClient;
use tally_api::identity::v1::{GetPersonRequest, ImportPeopleRequest, PersonRow};
use tally_kernel::{Message, Result, msg};

use super::deeds::{Terms, kind_value, kinds};
use crate::act::{Act, all_right, allowed, day_field, imported, missing};
use crate::console::told;
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::visit::{Sent, Visit};

/// Fields that must be filled in.
const NEEDED: [&str; 6] = ["employee_no", "name", "unit_path", "position", "grade", "hired_on"];

/// `GET /people/new`.
pub async fn form(visit: Visit) -> Response<Body> {
    visit.page(page(&visit).await)
}

/// `POST /people/new`.
pub async fn add(visit: Visit, sent: Sent) -> Response<Body> {
    match page(&visit).await {
        Err(error) => visit.refused(&error),
        Ok(page) => match added(&visit, &sent).await {
            Ok(path) => visit.done(&path, "PERSON_ADDED"),
            Err(error) => page.answered(&visit, &sent, Err(error), ("", "")),
        },
    }
}

async fn page(visit: &Visit) -> Result<Act> {
    allowed(visit, Permission::PersonWrite)?;
    let ui = visit.ui(&msg!("UI_ADD_PERSON"));
    let ui = {
        let people = ui.t("NAV_PEOPLE");
        ui.below("/people", people)
    };
    let terms = Terms::of(visit, "").await?;
    let by_path = terms.units.iter().filter(|unit| !unit.path.is_empty());
    let units = by_path.map(|unit| Choice::new(&unit.path, &unit.path)).collect();
    let form = Form::new(&ui, "/people/new", "new-person", "UI_ADD_PERSON")
        .with(Field::text(&ui, "employee_no", "UI_EMPLOYEE_NO").required().hint(ui.t("UI_EMPLOYEE_NO_HINT")))
        .with(Field::text(&ui, "name", "UI_NAME").required())
        .with(Field::new(&ui, "unit_path", "UI_UNIT", Kind::Choice(units)).required())
        .with(terms.position(&ui).required())
        .with(terms.grade(&ui).required())
        .with(day_field(&ui, "hired_on", "UI_FIRST_DAY"))
        .with(Field::new(&ui, "left_on", "UI_LAST_DAY", Kind::Date).hint(ui.t("UI_OPEN_END_HINT")))
        .with(Field::new(&ui, "employment_kind", "UI_EMPLOYED_AS", Kind::Choice(kinds(&ui, kind_value))))
        .with(Field::text(&ui, "zone", "UI_ZONE").hint(ui.t("UI_ZONE_HINT")))
        .with(Field::text(&ui, "id_number", "UI_ID_NUMBER"));
    Ok(Act::new(ui, form, "/people"))
}

async fn added(visit: &Visit, sent: &Sent) -> Result<String> {
    all_right(seen(sent))?;
    let text = |name: &str| sent.get(name).to_owned();
    let row = PersonRow {
        employee_no: text("employee_no"),
        name: text("name"),
        unit_path: text("unit_path"),
        position: text("position"),
        grade: text("grade"),
        hired_on: text("hired_on"),
        left_on: text("left_on"),
        zone: text("zone"),
        id_number: text("id_number"),
        employment_kind: text("employment_kind"),
    };
    let mut client = PersonServiceClient::new(visit.channel("identity")?);
    let ask = ImportPeopleRequest { request_id: sent.request_id(), rows: vec![row] };
    imported(told(client.import_people(visit.request(ask))).await?.result, field_of)?;
    // Whoever may write people but not read their names goes to the list.
    let ask = GetPersonRequest { employee_no: text("employee_no"), ..Default::default() };
    let added = told(client.get_person(visit.request(ask))).await.ok().and_then(|found| found.person);
    Ok(added.map_or_else(|| "/people".to_owned(), |person| format!("/people/{}", person.person_id)))
}

/// What can be seen to be wrong before anything is sent: the import says one thing of a row at a time.
fn seen(sent: &Sent) -> Vec<(&'static str, Message)> {
    let mut wrong = missing(sent, &NEEDED);
    let (hired, left) = (sent.get("hired_on"), sent.get("left_on"));
    if !left.is_empty() && left < hired {
        wrong.push(("left_on", msg!("BEFORE_FROM")));
    }
    let zone = sent.get("zone");
    if !zone.is_empty() && TimeZone::get(zone).is_err() {
        wrong.push(("zone", msg!("ZONE_UNKNOWN", zone)));
    }
    wrong
}

/// The field that a problem is about: by its reason, else by the field that its sentence names.
fn field_of(reason: &str, sentence: &str) -> &'static str {
    match reason {
        "UNIT_UNKNOWN" | "UNIT_BEGINS_LATER" | "UNIT_CLOSES" | "UNIT_HAS_NO_REGION" | "PERSON_OUT_OF_REACH" => {
            "unit_path"
        }
        "PERSON_DIFFERS" | "EMPLOYEE_NO_TAKEN" => "employee_no",
        "EMPLOYMENT_OVERLAPS" => "hired_on",
        "DATES_BACKWARDS" => "left_on",
        "ZONE_UNKNOWN" => "zone",
        "EMPLOYMENT_KIND_UNKNOWN" => "employment_kind",
        _ if reason.starts_with("ID_NUMBER") => "id_number",
        _ => {
            const NAMED: [&str; 7] = ["employee_no", "hired_on", "left_on", "unit_path", "position", "grade", "name"];
            NAMED.into_iter().find(|field| sentence.contains(field)).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_stands_beside_the_field_that_it_is_about() {
        assert_eq!(field_of("UNIT_UNKNOWN", ""), "unit_path");
        assert_eq!(field_of("ID_NUMBER_TAKEN", ""), "id_number");
        assert_eq!(field_of("TEXT_UNUSABLE", "employee_no must be there"), "employee_no");
        assert_eq!(field_of("NOT_IN_CATALOGUE", "grade: P9 is not in the catalogue"), "grade");
        assert_eq!(field_of("EARLIER_ROW_REFUSED", "a row before"), "");
    }
}
