//! What can be changed of the tree: each a form with the day from when on, which can say beforehand what it touches.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_api::identity::v1::{
    CloseOrgUnitRequest, ImportOrgUnitsRequest, MergeOrgUnitsRequest, MoveOrgUnitRequest, OrgUnit, OrgUnitKind,
    OrgUnitRow, Person, RenameOrgUnitRequest,
};
use tally_kernel::{Error, Result, msg};

use super::{employed, home_of, one, subtree};
use crate::act::{Act, Touch, all_right, allowed, day_field, imported, missing, only_looks, sure, today, word_field};
use crate::console::told;
use crate::names::{self, Names};
use crate::ui::Ui;
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::visit::{Sent, Visit};

/// Something that can be done to a unit: its name in addresses, the ids of its name and of what to know before.
const DEEDS: [(&str, &str, &str); 4] = [
    ("rename", "UI_UNIT_RENAME", "UI_UNIT_RENAME_SAID"),
    ("move", "UI_UNIT_MOVE", "UI_UNIT_MOVE_SAID"),
    ("merge", "UI_UNIT_MERGE", "UI_UNIT_MERGE_SAID"),
    ("close", "UI_UNIT_CLOSE", "UI_UNIT_CLOSE_SAID"),
];

/// What can be done to a unit.
pub fn offered(ui: &Ui, id: &str) -> Vec<(String, String)> {
    let act = |(slug, label, _): (&str, &str, &str)| (format!("/org/{id}/{slug}"), ui.t(label));
    let below = (format!("/org/new?below={id}"), ui.t("UI_ADD_UNIT_BELOW"));
    DEEDS.into_iter().map(act).chain([below]).collect()
}

/// `GET /org/{id}/{deed}`.
pub async fn form(visit: Visit, Path((id, slug)): Path<(String, String)>) -> Response<Body> {
    visit.page(page(&visit, &id, &slug).await.map(|(page, _)| page))
}

/// `POST /org/{id}/{deed}`.
pub async fn carry(visit: Visit, Path((id, slug)): Path<(String, String)>, sent: Sent) -> Response<Body> {
    let (page, unit) = match page(&visit, &id, &slug).await {
        Ok(found) => found,
        Err(error) => return visit.refused(&error),
    };
    if only_looks(&sent) {
        let touch = touched(&visit, &page.ui, &slug, &unit, &sent).await;
        return page.looked(&visit, &sent, touch);
    }
    let done = out(&visit, &slug, &id, &sent).await;
    let to = if slug == "rename" || slug == "move" {
        format!("/org/{id}?day={}", sent.get("from"))
    } else {
        "/org".to_owned()
    };
    page.answered(&visit, &sent, done, (&to, "ORG_CHANGED"))
}

async fn page(visit: &Visit, id: &str, slug: &str) -> Result<(Act, OrgUnit)> {
    allowed(visit, Permission::OrgWrite)?;
    let (_, label, said) =
        *DEEDS.iter().find(|(known, ..)| *known == slug).ok_or_else(|| Error::not_found("page", slug))?;
    let units = names::units(visit, "", None).await?;
    let unit = one(visit, &units, id).await?;
    let ui = visit.ui(&msg!("NAV_ORG"));
    let (tree, back, title) = (ui.title.clone(), format!("/org/{id}"), ui.t(label));
    let ui = ui.below("/org", tree).below(&back, &unit.name).titled(title);
    let form = fields(&ui, slug, &unit, &units);
    let form = if slug == "close" || slug == "merge" { form.danger() } else { form };
    let said = ui.t(said);
    Ok((Act::new(ui, form, back).note("plain", said).looking(), unit))
}

fn fields(ui: &Ui, slug: &str, unit: &OrgUnit, units: &[OrgUnit]) -> Form {
    let label = DEEDS.iter().find(|(known, ..)| *known == slug).map_or("UI_SAVE", |(_, label, _)| label);
    let name = DEEDS.iter().find(|(known, ..)| *known == slug).map_or("unit", |(known, ..)| known);
    let form = Form::new(ui, format!("/org/{}/{slug}", unit.unit_id), name, label);
    let inside = subtree(units, &unit.unit_id);
    let others: Vec<_> = units.iter().filter(|it| !inside.contains(&it.unit_id)).cloned().collect();
    let holding: Vec<_> = others.iter().filter(|it| !it.path.is_empty()).cloned().collect();
    let choice = |name: &str, label: &str, units: &[OrgUnit]| {
        Field::new(ui, name, label, Kind::Choice(Names::of_units(units).choices()))
    };
    let from = || day_field(ui, "from", "UI_FROM_WHEN");
    let back = || Field::new(ui, "backdated", "UI_BACKDATED", Kind::Check);
    match slug {
        "rename" => form.with(Field::text(ui, "name", "UI_NAME").required().value(&unit.name)).with(from()),
        "move" => form.with(choice("parent_id", "UI_NEW_PARENT", &others).required()).with(from()).with(back()),
        "merge" => form
            .with(choice("into_id", "UI_MERGE_INTO", &holding).required())
            .with(choice("also", "UI_MERGE_ALSO", &holding))
            .with(from())
            .with(back())
            .with(sure(ui)),
        _ => form
            .with(choice("move_people_to", "UI_MOVE_PEOPLE_TO", &holding).hint(ui.t("UI_MOVE_PEOPLE_HINT")))
            .with(from())
            .with(back())
            .with(sure(ui)),
    }
}

async fn out(visit: &Visit, slug: &str, id: &str, sent: &Sent) -> Result<()> {
    let mut wrong = missing(sent, &["from"]);
    if ["merge", "close"].contains(&slug) && sent.get("sure").is_empty() {
        wrong.push(("sure", msg!("UI_TICK_SURE")));
    }
    all_right(wrong)?;
    let mut client = OrgServiceClient::new(visit.channel("identity")?);
    let (request_id, unit_id, from) = (sent.request_id(), id.to_owned(), sent.get("from").to_owned());
    let backdated = !sent.get("backdated").is_empty();
    let text = |name: &str| sent.get(name).to_owned();
    match slug {
        "rename" => {
            let ask = RenameOrgUnitRequest { request_id, unit_id, name: text("name"), from };
            told(client.rename_org_unit(visit.request(ask))).await.map(drop)
        }
        "move" => {
            let ask = MoveOrgUnitRequest { request_id, unit_id, parent_id: text("parent_id"), from, backdated };
            told(client.move_org_unit(visit.request(ask))).await.map(drop)
        }
        "merge" => {
            let also = Some(text("also")).filter(|also| !also.is_empty());
            let unit_ids = [unit_id].into_iter().chain(also).collect();
            let ask = MergeOrgUnitsRequest { request_id, unit_ids, into_id: text("into_id"), from, backdated };
            told(client.merge_org_units(visit.request(ask))).await.map(drop)
        }
        _ => {
            let move_people_to = text("move_people_to");
            let ask = CloseOrgUnitRequest { request_id, unit_id, from, move_people_to, backdated };
            told(client.close_org_unit(visit.request(ask))).await.map(drop)
        }
    }
}

/// Units, people and accounts that a change touches, as of the day from when on it holds.
async fn touched(visit: &Visit, ui: &Ui, slug: &str, unit: &OrgUnit, sent: &Sent) -> Result<Touch> {
    let wrong = missing(sent, &["from"]);
    all_right(wrong)?;
    let from = sent.get("from");
    let (units, people, accounts) =
        futures::try_join!(names::units(visit, from, None), employed(visit, from, None), names::accounts(visit))?;
    let mut ids = subtree(&units, &unit.unit_id);
    if slug == "merge" && !sent.get("also").is_empty() {
        ids.extend(subtree(&units, sent.get("also")));
    }
    let names = Names::of_people(&people);
    let moved = people.iter().filter(|it| home_of(it, from).is_some_and(|home| ids.contains(home)));
    let people: Vec<_> =
        moved.map(|it: &Person| (names.said(&it.person_id), format!("/people/{}", it.person_id))).collect();
    let held = accounts.iter().filter(|it| ids.contains(&it.unit_id));
    let held: Vec<_> = held.map(|it| (it.key.clone(), format!("/accounts/{}", it.account_id))).collect();
    let facts =
        vec![(ui.t("UI_FROM_WHEN"), ui.format.day_text(from)), (ui.t("NAV_PEOPLE"), ui.format.count(people.len()))];
    let lists = vec![
        (ui.t("UI_PATHS"), paths(slug, &ids, &units, unit, sent)),
        (ui.t("NAV_PEOPLE"), people),
        (ui.t("NAV_ACCOUNTS"), held),
    ];
    Ok(Touch { facts, lists })
}

/// The paths of what moves or is renamed, before and after; of what closes, as it was.
fn paths(slug: &str, ids: &BTreeSet<String>, units: &[OrgUnit], unit: &OrgUnit, sent: &Sent) -> Vec<(String, String)> {
    let path_of = |id: &str| units.iter().find(|it| it.unit_id == id).map_or("", |it| it.path.as_str());
    let own = path_of(&unit.unit_id);
    let to = match slug {
        "rename" => joined(path_of(&unit.parent_id), sent.get("name")),
        "move" => joined(path_of(sent.get("parent_id")), &unit.name),
        _ => String::new(),
    };
    let path = |it: &OrgUnit| match it.path.strip_prefix(own) {
        Some(rest) if !to.is_empty() => (format!("{} → {to}{rest}", it.path), String::new()),
        _ => (it.path.clone(), String::new()),
    };
    units.iter().filter(|it| ids.contains(&it.unit_id)).map(path).collect()
}

fn joined(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

/// `GET /org/new?below=`.
pub async fn new_form(visit: Visit) -> Response<Body> {
    visit.page(new_page(&visit).await)
}

/// `POST /org/new`.
pub async fn add(visit: Visit, sent: Sent) -> Response<Body> {
    match new_page(&visit).await {
        Err(error) => visit.refused(&error),
        Ok(page) => {
            let done = added(&visit, &sent).await;
            page.answered(&visit, &sent, done, (&format!("/org?day={}", sent.get("valid_from")), "ORG_CHANGED"))
        }
    }
}

async fn new_page(visit: &Visit) -> Result<Act> {
    allowed(visit, Permission::OrgWrite)?;
    let units = names::units(visit, "", None).await?;
    let ui = visit.ui(&msg!("UI_ADD_UNIT"));
    let ui = {
        let tree = ui.t("NAV_ORG");
        ui.below("/org", tree)
    };
    let asked = visit.asked();
    let parents = Names::of_units(&units).choices();
    let kinds = [OrgUnitKind::LegalEntity, OrgUnitKind::Branch, OrgUnitKind::Department, OrgUnitKind::Team];
    let regions: BTreeSet<&str> = units.iter().map(|it| it.region.as_str()).filter(|it| *it != "*").collect();
    let regions = regions.into_iter().map(|region| Choice::new(region, region)).collect();
    let form = Form::new(&ui, "/org/new", "new-unit", "UI_ADD_UNIT")
        .with(Field::new(&ui, "below", "UI_NEW_PARENT", Kind::Choice(parents)).required().value(asked.get("below")))
        .with(Field::text(&ui, "name", "UI_NAME").required())
        .with(word_field(&ui, "kind", "UI_KIND", &kinds.map(|kind| kind.as_str_name())).hint(ui.t("UI_UNIT_KIND_HINT")))
        .with(Field::new(&ui, "region", "UI_REGION", Kind::Choice(regions)).hint(ui.t("UI_UNIT_REGION_HINT")))
        .with(Field::new(&ui, "valid_from", "UI_FROM_WHEN", Kind::Date).required().value(today(&ui)));
    Ok(Act::new(ui, form, "/org"))
}

async fn added(visit: &Visit, sent: &Sent) -> Result<()> {
    let mut wrong = missing(sent, &["below", "name", "valid_from"]);
    if sent.get("name").contains('/') {
        wrong.push(("name", msg!("UI_NO_SLASH")));
    }
    all_right(wrong)?;
    let units = names::units(visit, sent.get("valid_from"), None).await?;
    let parent = units.iter().find(|it| it.unit_id == sent.get("below"));
    let Some(parent) = parent else { return all_right(vec![("below", msg!("UI_PARENT_NOT_THERE"))]) };
    let row = OrgUnitRow {
        path: joined(&parent.path, sent.get("name")),
        region: sent.get("region").to_owned(),
        kind: OrgUnitKind::from_str_name(sent.get("kind")).unwrap_or_default().into(),
        valid_from: sent.get("valid_from").to_owned(),
    };
    let ask = ImportOrgUnitsRequest { request_id: sent.request_id(), rows: vec![row] };
    let done = told(OrgServiceClient::new(visit.channel("identity")?).import_org_units(visit.request(ask))).await?;
    imported(done.result, field_of)
}

fn field_of(reason: &str, _: &str) -> &'static str {
    match reason {
        _ if reason.contains("REGION") => "region",
        _ if reason.contains("KIND") => "kind",
        _ if reason.contains("DATE") || reason.contains("LATER") => "valid_from",
        _ if reason.contains("PATH") || reason.contains("NAME") => "name",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_joined_below_its_parent() {
        assert_eq!(joined("", "North"), "North");
        assert_eq!(joined("North", "Team"), "North/Team");
    }

    #[test]
    fn what_is_refused_of_a_new_unit_stands_beside_its_field() {
        assert_eq!(field_of("UNIT_REGION_MISSING", ""), "region");
        assert_eq!(field_of("UNIT_PATH_MALFORMED", ""), "name");
        assert_eq!(field_of("SOMETHING", ""), "");
    }
}
