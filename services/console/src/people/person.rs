//! One person, as of a day and as known on another.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use futures::future::OptionFuture;
use http::Response;
use tally_access::Permission;
use tally_api::attendance::v1::alias_service_client::AliasServiceClient;
use tally_api::attendance::v1::device_service_client::DeviceServiceClient;
use tally_api::attendance::v1::{Alias, Device, FactState, ListAliasesRequest, ListDevicesRequest, Standing};
use tally_api::common::v1::EmploymentKind;
use tally_api::identity::v1::reporting_service_client::ReportingServiceClient;
use tally_api::identity::v1::{
    Employment, EmploymentReason, Leave, LeaveKind, ListReportingLinesRequest, Person, Post, ReportingLine,
    ReportingLineKind,
};
use tally_kernel::{Result, msg};

use super::deeds::Deed;
use super::known::{get, on};
use super::results;
use crate::act::{AsOf, Step, days};
use crate::names::{self, AT_ONCE, Names};
use crate::ui::Ui;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "people/person.html")]
struct Page {
    ui: Ui,
    asof: AsOf,
    on_day: String,
    /// Something of it is hidden from the reader.
    hidden: bool,
    acts: Vec<(String, String)>,
    facts: Vec<(String, String)>,
    employments: Vec<Step>,
    leaves: Vec<Step>,
    managers: Vec<Step>,
    reports: Vec<(String, String)>,
    /// Nothing where the reader may see none of anybody.
    devices: Option<Vec<Step>>,
    results: Vec<(String, String)>,
}

/// `GET /people/{id}?day=&known=`.
pub async fn person(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(Box::pin(shown(&visit, &id)).await)
}

async fn shown(visit: &Visit, id: &str) -> Result<Page> {
    let ui = visit.ui(&msg!("UI_PERSON"));
    let asof = AsOf::of(&ui, &visit.asked());
    let known_at = asof.known_at(&ui);
    let me = visit.me();
    let aliases = OptionFuture::from(me.may(Permission::AliasRead).then(|| aliases(visit, id, known_at)));
    let devices = OptionFuture::from(me.may(Permission::DeviceRead).then(|| devices(visit, id, known_at)));
    let (found, managers, reports, names, aliases, devices, cycles) = futures::try_join!(
        get(visit, id, known_at),
        lines(visit, (id, ""), &asof, known_at),
        lines(visit, ("", id), &asof, known_at),
        names::people(visit),
        async { aliases.await.transpose() },
        async { devices.await.transpose() },
        results::cycles(visit),
    )?;
    let (person, masked) = (found.person.unwrap_or_default(), found.masked_fields);
    let may_write = me.may(Permission::PersonWrite);
    let people = ui.t("NAV_PEOPLE");
    let title = if person.name.is_empty() { ui.t("UI_NAME_HIDDEN") } else { person.name.clone() };
    let ui = ui.titled(title).below(format!("/people{}", asof.query()), people);
    let day = ui.format.day_text(&asof.day);
    let has_things = aliases.is_some() || devices.is_some();
    let link = |line: &ReportingLine| (names.said(&line.person_id), format!("/people/{}", line.person_id));
    Ok(Page {
        on_day: ui.say(&msg!("UI_ON_DAY", day)),
        hidden: !masked.is_empty(),
        acts: if may_write { acts(&ui, &person, &asof) } else { Vec::new() },
        facts: facts(&ui, &person, &masked, &asof),
        employments: person.employments.iter().rev().map(|it| employment(&ui, &person, it, &asof, may_write)).collect(),
        leaves: person.leaves.iter().rev().map(|it| leave(&ui, id, it, &masked, &asof, may_write)).collect(),
        managers: managers.iter().map(|it| line(&ui, it, &names, may_write)).collect(),
        reports: reports.iter().map(link).collect(),
        devices: has_things.then(|| things(&ui, &aliases.unwrap_or_default(), &devices.unwrap_or_default(), &asof)),
        results: results::ways(&ui, &me, &person, (&cycles.0, &cycles.1)),
        asof,
        ui,
    })
}

async fn lines(
    visit: &Visit,
    (person_id, manager_id): (&str, &str),
    asof: &AsOf,
    known_at: Option<prost_types::Timestamp>,
) -> Result<Vec<ReportingLine>> {
    let client = ReportingServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListReportingLinesRequest {
            person_id: person_id.to_owned(),
            manager_id: manager_id.to_owned(),
            as_of: asof.day.clone(),
            known_at,
            page_size: AT_ONCE,
            page_token,
        };
        let page = client.clone().list_reporting_lines(visit.request(ask)).await?.into_inner();
        Ok((page.lines, page.next_page_token))
    })
    .await
}

async fn aliases(visit: &Visit, id: &str, known_at: Option<prost_types::Timestamp>) -> Result<Vec<Alias>> {
    let client = AliasServiceClient::new(visit.channel("attendance")?);
    let all: Vec<Alias> = tally_rpc::pages(async |page_token| {
        let ask = ListAliasesRequest { page_size: AT_ONCE, page_token, known_at, counting_only: true };
        let page = client.clone().list_aliases(visit.request(ask)).await?.into_inner();
        Ok((page.aliases, page.next_page_token))
    })
    .await?;
    Ok(all.into_iter().filter(|it| it.person_id == id && counts(it.standing.as_ref())).collect())
}

async fn devices(visit: &Visit, id: &str, known_at: Option<prost_types::Timestamp>) -> Result<Vec<Device>> {
    let client = DeviceServiceClient::new(visit.channel("attendance")?);
    let all: Vec<Device> = tally_rpc::pages(async |page_token| {
        let ask = ListDevicesRequest { page_size: AT_ONCE, page_token, known_at, counting_only: true };
        let page = client.clone().list_devices(visit.request(ask)).await?.into_inner();
        Ok((page.devices, page.next_page_token))
    })
    .await?;
    Ok(all.into_iter().filter(|it| it.person_id == id && counts(it.standing.as_ref())).collect())
}

fn counts(standing: Option<&Standing>) -> bool {
    standing.is_none_or(|it| matches!(it.state(), FactState::Counts | FactState::Unspecified))
}

fn acts(ui: &Ui, person: &Person, asof: &AsOf) -> Vec<(String, String)> {
    let employed = on(person, &asof.today).next().is_some();
    let act = |deed: Deed| (format!("/people/{}/{}", person.person_id, deed.slug()), ui.t(deed.label()));
    Deed::of_person(employed).into_iter().map(act).collect()
}

fn facts(ui: &Ui, person: &Person, masked: &[String], asof: &AsOf) -> Vec<(String, String)> {
    let home = on(person, &asof.day).find(|it| it.post() == Post::Home);
    let hidden = |field: &str| masked.iter().any(|name| name == field);
    let or = |field: &str, value: &str, none: &str| match value {
        "" if hidden(field) => ui.t("UI_HIDDEN"),
        "" => ui.t(none),
        text => text.to_owned(),
    };
    let of = |get: fn(&Employment) -> &str| home.map_or_else(|| "–".to_owned(), |it| get(it).to_owned());
    let as_what = home.map(Employment::kind).filter(|kind| *kind != EmploymentKind::Unspecified);
    vec![
        (ui.t("UI_EMPLOYEE_NO"), or("employee_no", &person.employee_no, "UI_NONE_KNOWN")),
        (ui.t("UI_UNIT"), home.map_or_else(|| ui.t("UI_NOT_EMPLOYED"), |it| it.unit_path.clone())),
        (ui.t("UI_POSITION"), of(|it| &it.position)),
        (ui.t("UI_GRADE"), of(|it| &it.grade)),
        (ui.t("UI_EMPLOYED_AS"), as_what.map_or_else(|| ui.t("UI_NOT_SAID"), |kind| ui.word(kind.as_str_name()))),
        (ui.t("UI_REGION"), of(|it| &it.region)),
        (ui.t("UI_OWN_ZONE"), or("zone", &person.zone, "UI_NONE_KNOWN")),
        (ui.t("UI_ID_NUMBER"), or("id_number", &person.id_number, "UI_NONE_KNOWN")),
    ]
}

fn employment(ui: &Ui, person: &Person, it: &Employment, asof: &AsOf, may: bool) -> Step {
    let mut pills = Vec::new();
    if !matches!(it.post(), Post::Home | Post::Unspecified) {
        pills.push((ui.word(it.post().as_str_name()), "accent"));
    }
    if it.reason() != EmploymentReason::Unspecified {
        pills.push((ui.word(it.reason().as_str_name()), "plain"));
    }
    let kind = it.kind();
    let kind = (kind != EmploymentKind::Unspecified).then(|| ui.word(kind.as_str_name()));
    let said = [it.position.clone(), it.grade.clone()].into_iter().chain(kind).filter(|text| !text.is_empty());
    let deeds = if may { Deed::of_employment(person, it, &asof.today) } else { Vec::new() };
    let act = |(deed, ask): (Deed, String)| {
        (format!("/people/{}/{}?{ask}", person.person_id, deed.slug()), ui.t(deed.label()))
    };
    Step {
        tone: if asof.within(&it.from, &it.to) { "good" } else { "" },
        days: days(ui, &it.from, &it.to),
        title: it.unit_path.clone(),
        href: format!("/org/{}?day={}", it.unit_id, asof.day.as_str().max(&it.from)),
        pills,
        said: said.collect::<Vec<_>>().join(" · "),
        acts: deeds.into_iter().map(act).collect(),
    }
}

fn leave(ui: &Ui, person: &str, it: &Leave, masked: &[String], asof: &AsOf, may: bool) -> Step {
    let hidden = masked.iter().any(|name| name.starts_with("leaves."));
    let title = match it.kind() {
        LeaveKind::Unspecified if hidden => ui.t("UI_WHY_HIDDEN"),
        LeaveKind::Unspecified => ui.t("UI_WHY_NOT_SAID"),
        kind => ui.word(kind.as_str_name()),
    };
    let open = may && (it.to.is_empty() || it.to >= asof.today);
    let end = (format!("/people/{person}/{}?of={}", Deed::EndLeave.slug(), it.leave_id), ui.t(Deed::EndLeave.label()));
    Step {
        tone: if asof.within(&it.from, &it.to) { "warn" } else { "" },
        days: days(ui, &it.from, &it.to),
        title,
        said: it.reason.clone(),
        acts: if open { vec![end] } else { Vec::new() },
        ..Default::default()
    }
}

fn line(ui: &Ui, it: &ReportingLine, names: &Names, may: bool) -> Step {
    let end = format!("/people/{}/{}?of={}", it.person_id, Deed::EndLine.slug(), it.line_id);
    Step {
        tone: if it.kind() == ReportingLineKind::Solid { "good" } else { "" },
        days: days(ui, &it.from, &it.to),
        title: names.said(&it.manager_id),
        href: format!("/people/{}", it.manager_id),
        pills: vec![(ui.word(it.kind().as_str_name()), "plain")],
        acts: if may { vec![(end, ui.t(Deed::EndLine.label()))] } else { Vec::new() },
        ..Default::default()
    }
}

fn things(ui: &Ui, aliases: &[Alias], devices: &[Device], asof: &AsOf) -> Vec<Step> {
    let tone = |from: &str, to: &str| if asof.within(from, to) { "good" } else { "" };
    let alias = |it: &Alias| Step {
        tone: tone(&it.from, &it.to),
        days: days(ui, &it.from, &it.to),
        title: it.alias.clone(),
        href: format!("/aliases/{}", it.alias_id),
        pills: vec![(ui.t("UI_ALIAS"), "plain"), (it.platform.clone(), "plain")],
        ..Default::default()
    };
    let device = |it: &Device| Step {
        tone: tone(&it.from, &it.to),
        days: days(ui, &it.from, &it.to),
        title: it.device.clone(),
        href: format!("/devices/{}", it.device_id),
        pills: vec![(ui.t("UI_DEVICE"), "plain")],
        ..Default::default()
    };
    aliases.iter().map(alias).chain(devices.iter().map(device)).collect()
}
