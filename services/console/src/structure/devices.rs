//! Workstations, browsers and seats: whose they are from when to when.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::device_service_client::DeviceServiceClient;
use tally_api::attendance::v1::{
    Correction, Device, EndDeviceRequest, ImportDevicesRequest, ListDevicesRequest, MoveDeviceRequest,
};
use tally_kernel::{Error, Message, Result, msg};

use super::accounts;
use super::pages::{Detail, List, counts, standing, touch};
use crate::act::{Act, all_right, allowed, day_field, days, imported, missing, only_looks, sortable};
use crate::console::told;
use crate::names::{self, AT_ONCE, Names};
use crate::ui::Ui;
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

async fn all(visit: &Visit) -> Result<Vec<Device>> {
    let client = DeviceServiceClient::new(visit.channel("attendance")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListDevicesRequest { page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_devices(visit.request(ask)).await?.into_inner();
        Ok((page.devices, page.next_page_token))
    })
    .await
}

/// `GET /devices`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_DEVICES"));
    let (devices, people, units) = futures::try_join!(all(visit), names::people(visit), names::units(visit, "", None))?;
    let units = Names::of_units(&units);
    let columns = vec![
        Column::text(&ui, "device", "UI_DEVICE"),
        Column::text(&ui, "of", "UI_WHOSE").filtered(),
        Column::text(&ui, "who", "UI_PERSON_OR_SEAT"),
        Column::text(&ui, "unit", "UI_UNIT").filtered(),
        Column::text(&ui, "from", "UI_FIRST_DAY"),
        Column::text(&ui, "to", "UI_LAST_DAY"),
        Column::text(&ui, "region", "UI_REGION").filtered().hidden(),
        Column::text(&ui, "state", "UI_STATE").filtered(),
    ];
    let row = |it: &Device| Row {
        id: it.device_id.clone(),
        href: format!("/devices/{}", it.device_id),
        cells: vec![
            Cell::code(&it.device),
            Cell::pill(ui.t(of(it)), if it.person_id.is_empty() { "accent" } else { "plain" }),
            if it.person_id.is_empty() {
                Cell::code(&it.seat)
            } else {
                Cell::text(people.said(&it.person_id)).to(format!("/people/{}", it.person_id))
            },
            Cell::text(if it.unit_id.is_empty() { String::new() } else { units.said(&it.unit_id) }),
            Cell::when(ui.format.day_text(&it.from), sortable(&it.from)),
            Cell::when(ui.format.day_text(&it.to), sortable(&it.to)),
            Cell::text(&it.region),
            standing(&ui, it.standing.as_ref()),
        ],
    };
    let rows = devices.iter().map(row).collect();
    let table = Table::new(&ui, ("devices", "NAV_DEVICES", "UI_NO_DEVICES"), &visit.asked(), columns, rows);
    let mut list =
        List::new(ui, table).adding(visit.me().may(Permission::DeviceWrite), "/devices/new", "UI_ADD_DEVICE");
    list.besides.push(("/devices/uses".to_owned(), list.ui.t("UI_WHO_USED_WHAT")));
    Ok(list)
}

fn of(device: &Device) -> &'static str {
    if device.person_id.is_empty() { "UI_OF_SEAT" } else { "UI_OF_PERSON" }
}

async fn one(visit: &Visit, id: &str) -> Result<Device> {
    all(visit).await?.into_iter().find(|it| it.device_id == id).ok_or_else(|| Error::not_found("device", id))
}

fn whose(device: &Device, people: &Names) -> String {
    if device.person_id.is_empty() { device.seat.clone() } else { people.said(&device.person_id) }
}

/// `GET /devices/{id}`.
pub async fn device(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(shown(&visit, &id).await)
}

async fn shown(visit: &Visit, id: &str) -> Result<Detail> {
    let (device, people) = futures::try_join!(one(visit, id), names::people(visit))?;
    let ui = visit.ui(&msg!("NAV_DEVICES"));
    let list = ui.title.clone();
    let ui = ui.below("/devices", list).titled(&device.device);
    let state = device.standing.as_ref();
    let facts = vec![
        (ui.t("UI_WHOSE"), ui.t(of(&device))),
        (ui.t("UI_PERSON_OR_SEAT"), whose(&device, &people)),
        (ui.t("UI_DAYS"), days(&ui, &device.from, &device.to)),
        (ui.t("UI_REGION"), device.region.clone()),
        (ui.t("UI_STATE"), standing(&ui, state).text),
    ];
    let may = visit.me().may(Permission::DeviceWrite);
    let acts = if may && counts(state) { offered(&ui, id) } else { Vec::new() };
    let notes = if counts(state) { Vec::new() } else { vec![("plain", ui.t("UI_COUNTS_NO_MORE"))] };
    let mut page = Detail { acts, notes, ..Detail::new(ui, facts) };
    if !device.person_id.is_empty() {
        let person = (people.said(&device.person_id), format!("/people/{}", device.person_id));
        page.lists.push((page.ui.t("UI_PERSON"), vec![person]));
    }
    Ok(page)
}

fn offered(ui: &Ui, id: &str) -> Vec<(String, String)> {
    [("end", "UI_DEVICE_END"), ("move", "UI_DEVICE_MOVE")]
        .map(|(slug, label)| (format!("/devices/{id}/{slug}"), ui.t(label)))
        .to_vec()
}

/// `GET /devices/{id}/{deed}`.
pub async fn form(visit: Visit, Path((id, slug)): Path<(String, String)>) -> Response<Body> {
    visit.page(page(&visit, &id, &slug).await.map(|(page, _)| page))
}

/// `POST /devices/{id}/{deed}`.
pub async fn carry(visit: Visit, Path((id, slug)): Path<(String, String)>, sent: Sent) -> Response<Body> {
    let (page, people) = match page(&visit, &id, &slug).await {
        Ok(found) => found,
        Err(error) => return visit.refused(&error),
    };
    let done = out(&visit, &id, &slug, (&people, &sent)).await;
    if !only_looks(&sent) {
        return page.answered(&visit, &sent, done.map(drop), ("/devices", "DEVICE_CHANGED"));
    }
    let accounts = accounts::names(&visit).await.unwrap_or_default();
    let touch = done.map(|it| touch(&page.ui, it.and_then(|it| it.touched), (&people, &accounts)));
    page.looked(&visit, &sent, touch)
}

async fn page(visit: &Visit, id: &str, slug: &str) -> Result<(Act, Names)> {
    allowed(visit, Permission::DeviceWrite)?;
    let (device, people) = futures::try_join!(one(visit, id), names::people(visit))?;
    let ui = visit.ui(&msg!("NAV_DEVICES"));
    let (list, back) = (ui.title.clone(), format!("/devices/{id}"));
    let ui = ui.below("/devices", list).below(&back, &device.device);
    let reason = || Field::new(&ui, "reason", "UI_REASON", Kind::Long).hint(ui.t("UI_REASON_HINT"));
    let (label, form) = match slug {
        "end" => {
            let form = Form::new(&ui, format!("{back}/end"), "end", "UI_DEVICE_END");
            ("UI_DEVICE_END", form.with(day_field(&ui, "to", "UI_LAST_DAY")).with(reason()))
        }
        "move" => {
            let form = owner(&ui, Form::new(&ui, format!("{back}/move"), "move", "UI_DEVICE_MOVE"), &people);
            ("UI_DEVICE_MOVE", form.with(day_field(&ui, "from", "UI_FIRST_DAY")).with(reason()))
        }
        _ => return Err(Error::not_found("page", slug)),
    };
    let now = format!("{} · {}", whose(&device, &people), days(&ui, &device.from, &device.to));
    let title = ui.t(label);
    Ok((Act::new(ui.titled(title), form, back).note("accent", now).looking(), people))
}

/// The two fields of which one is filled in.
fn owner(ui: &Ui, form: Form, people: &Names) -> Form {
    form.with(
        Field::new(ui, "person_id", "UI_PERSON", Kind::Among(people.labels())).hint(ui.t("UI_PERSON_OR_SEAT_HINT")),
    )
    .with(Field::text(ui, "seat", "UI_SEAT").hint(ui.t("UI_SEAT_HINT")))
}

/// Whose a form says that it is: a person's or a seat's.
fn said(people: &Names, sent: &Sent) -> Result<(String, String), (&'static str, Message)> {
    match (sent.get("person_id"), sent.get("seat")) {
        ("", "") | (_, "") => {
            people.find(sent.get("person_id")).map(|id| (id, String::new())).map_err(|why| ("person_id", why))
        }
        ("", seat) => Ok((String::new(), seat.to_owned())),
        _ => Err(("seat", msg!("UI_ONE_OF_BOTH"))),
    }
}

async fn out(visit: &Visit, id: &str, slug: &str, (people, sent): (&Names, &Sent)) -> Result<Option<Correction>> {
    let mut client = CorrectionServiceClient::new(visit.channel("attendance")?);
    let (request_id, device_id, reason) = (sent.request_id(), id.to_owned(), sent.get("reason").to_owned());
    let validate_only = only_looks(sent);
    if slug == "end" {
        let ask = EndDeviceRequest { request_id, device_id, to: sent.get("to").to_owned(), reason, validate_only };
        return told(client.end_device(visit.request(ask))).await.map(|it| it.correction);
    }
    let mut wrong = missing(sent, &["from"]);
    let (person_id, seat) = said(people, sent).map_err(|why| wrong.push(why)).unwrap_or_default();
    all_right(wrong)?;
    let from = sent.get("from").to_owned();
    let ask = MoveDeviceRequest { request_id, device_id, person_id, seat, from, reason, validate_only };
    told(client.move_device(visit.request(ask))).await.map(|it| it.correction)
}

/// `GET /devices/new`.
pub async fn new_form(visit: Visit) -> Response<Body> {
    visit.page(new_page(&visit).await.map(|(page, _)| page))
}

/// `POST /devices/new`.
pub async fn add(visit: Visit, sent: Sent) -> Response<Body> {
    match new_page(&visit).await {
        Err(error) => visit.refused(&error),
        Ok((page, people)) => {
            let done = added(&visit, &people, &sent).await;
            page.answered(&visit, &sent, done, ("/devices", "DEVICE_CHANGED"))
        }
    }
}

async fn new_page(visit: &Visit) -> Result<(Act, Names)> {
    allowed(visit, Permission::DeviceWrite)?;
    let (people, units) = futures::try_join!(names::people(visit), names::units(visit, "", None))?;
    let ui = visit.ui(&msg!("UI_ADD_DEVICE"));
    let ui = {
        let list = ui.t("NAV_DEVICES");
        ui.below("/devices", list)
    };
    let units: Vec<_> = units.into_iter().filter(|it| !it.path.is_empty()).collect();
    let form = Form::new(&ui, "/devices/new", "new-device", "UI_ADD_DEVICE")
        .with(Field::text(&ui, "device", "UI_DEVICE").required().hint(ui.t("UI_DEVICE_HINT")));
    let form = owner(&ui, form, &people)
        .with(Field::new(&ui, "unit_id", "UI_SEAT_UNIT", Kind::Choice(Names::of_units(&units).choices())))
        .with(Field::new(&ui, "from", "UI_FIRST_DAY", Kind::Date).hint(ui.t("UI_FROM_BEGINNING_HINT")))
        .with(Field::new(&ui, "to", "UI_LAST_DAY", Kind::Date).hint(ui.t("UI_OPEN_END_HINT")));
    Ok((Act::new(ui, form, "/devices"), people))
}

async fn added(visit: &Visit, people: &Names, sent: &Sent) -> Result<()> {
    let mut wrong = missing(sent, &["device"]);
    let (person_id, seat) = said(people, sent).map_err(|why| wrong.push(why)).unwrap_or_default();
    all_right(wrong)?;
    let text = |name: &str| sent.get(name).to_owned();
    let unit_id = if seat.is_empty() { String::new() } else { text("unit_id") };
    let (device, from, to) = (text("device"), text("from"), text("to"));
    let row = Device { device, person_id, seat, unit_id, from, to, ..Default::default() };
    let ask = ImportDevicesRequest { request_id: sent.request_id(), rows: vec![row] };
    let done = told(DeviceServiceClient::new(visit.channel("attendance")?).import_devices(visit.request(ask))).await?;
    imported(done.result, |_, _| "")
}
