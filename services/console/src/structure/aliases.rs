//! Nicknames on platforms, and who they mean from when to when.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::attendance::v1::alias_service_client::AliasServiceClient;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::{
    Alias, Correction, EndAliasRequest, ImportAliasesRequest, ListAliasesRequest, MoveAliasRequest,
};
use tally_kernel::{Error, Result, msg};

use super::accounts;
use super::pages::{Detail, List, counts, standing, touch};
use crate::act::{Act, all_right, allowed, day_field, days, imported, missing, only_looks, sortable};
use crate::console::told;
use crate::names::{self, AT_ONCE, Names};
use crate::ui::Ui;
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

async fn all(visit: &Visit) -> Result<Vec<Alias>> {
    let client = AliasServiceClient::new(visit.channel("attendance")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListAliasesRequest { page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_aliases(visit.request(ask)).await?.into_inner();
        Ok((page.aliases, page.next_page_token))
    })
    .await
}

/// `GET /aliases`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_ALIASES"));
    let (aliases, people) = futures::try_join!(all(visit), names::people(visit))?;
    let columns = vec![
        Column::text(&ui, "alias", "UI_ALIAS"),
        Column::text(&ui, "platform", "UI_PLATFORM").filtered(),
        Column::text(&ui, "person", "UI_PERSON"),
        Column::text(&ui, "from", "UI_FIRST_DAY"),
        Column::text(&ui, "to", "UI_LAST_DAY"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
    ];
    let row = |it: &Alias| Row {
        id: it.alias_id.clone(),
        href: format!("/aliases/{}", it.alias_id),
        cells: vec![
            Cell::text(&it.alias),
            Cell::text(&it.platform),
            Cell::text(people.said(&it.person_id)).to(format!("/people/{}", it.person_id)),
            Cell::when(ui.format.day_text(&it.from), sortable(&it.from)),
            Cell::when(ui.format.day_text(&it.to), sortable(&it.to)),
            standing(&ui, it.standing.as_ref()),
        ],
    };
    let rows = aliases.iter().map(row).collect();
    let table = Table::new(&ui, ("aliases", "NAV_ALIASES", "UI_NO_ALIASES"), &visit.asked(), columns, rows);
    Ok(List::new(ui, table).adding(visit.me().may(Permission::AliasWrite), "/aliases/new", "UI_ADD_ALIAS"))
}

async fn one(visit: &Visit, id: &str) -> Result<Alias> {
    all(visit).await?.into_iter().find(|it| it.alias_id == id).ok_or_else(|| Error::not_found("alias", id))
}

/// `GET /aliases/{id}`.
pub async fn alias(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(shown(&visit, &id).await)
}

async fn shown(visit: &Visit, id: &str) -> Result<Detail> {
    let (alias, people) = futures::try_join!(one(visit, id), names::people(visit))?;
    let ui = visit.ui(&msg!("NAV_ALIASES"));
    let list = ui.title.clone();
    let ui = ui.below("/aliases", list).titled(&alias.alias);
    let state = alias.standing.as_ref();
    let facts = vec![
        (ui.t("UI_PLATFORM"), alias.platform.clone()),
        (ui.t("UI_PERSON"), people.said(&alias.person_id)),
        (ui.t("UI_DAYS"), days(&ui, &alias.from, &alias.to)),
        (ui.t("UI_STATE"), standing(&ui, state).text),
    ];
    let person = vec![(people.said(&alias.person_id), format!("/people/{}", alias.person_id))];
    let lists = vec![(ui.t("UI_PERSON"), person)];
    let may = visit.me().may(Permission::AliasWrite);
    let acts = if may && counts(state) { offered(&ui, id) } else { Vec::new() };
    let notes = if counts(state) { Vec::new() } else { vec![("plain", ui.t("UI_COUNTS_NO_MORE"))] };
    Ok(Detail { acts, notes, lists, ..Detail::new(ui, facts) })
}

fn offered(ui: &Ui, id: &str) -> Vec<(String, String)> {
    [("end", "UI_ALIAS_END"), ("move", "UI_ALIAS_MOVE")]
        .map(|(slug, label)| (format!("/aliases/{id}/{slug}"), ui.t(label)))
        .to_vec()
}

/// `GET /aliases/{id}/{deed}`.
pub async fn form(visit: Visit, Path((id, slug)): Path<(String, String)>) -> Response<Body> {
    visit.page(page(&visit, &id, &slug).await.map(|(page, _)| page))
}

/// `POST /aliases/{id}/{deed}`.
pub async fn carry(visit: Visit, Path((id, slug)): Path<(String, String)>, sent: Sent) -> Response<Body> {
    let (page, people) = match page(&visit, &id, &slug).await {
        Ok(found) => found,
        Err(error) => return visit.refused(&error),
    };
    let done = out(&visit, &id, &slug, (&people, &sent)).await;
    if !only_looks(&sent) {
        return page.answered(&visit, &sent, done.map(drop), ("/aliases", "ALIAS_CHANGED"));
    }
    let accounts = accounts::names(&visit).await.unwrap_or_default();
    let touch = done.map(|it| touch(&page.ui, it.and_then(|it| it.touched), (&people, &accounts)));
    page.looked(&visit, &sent, touch)
}

async fn page(visit: &Visit, id: &str, slug: &str) -> Result<(Act, Names)> {
    allowed(visit, Permission::AliasWrite)?;
    let (alias, people) = futures::try_join!(one(visit, id), names::people(visit))?;
    let ui = visit.ui(&msg!("NAV_ALIASES"));
    let (list, back) = (ui.title.clone(), format!("/aliases/{id}"));
    let ui = ui.below("/aliases", list).below(&back, &alias.alias);
    let reason = || Field::new(&ui, "reason", "UI_REASON", Kind::Long).hint(ui.t("UI_REASON_HINT"));
    let (label, form) = match slug {
        "end" => {
            let form = Form::new(&ui, format!("{back}/end"), "end", "UI_ALIAS_END");
            ("UI_ALIAS_END", form.with(day_field(&ui, "to", "UI_LAST_DAY")).with(reason()))
        }
        "move" => {
            let form = Form::new(&ui, format!("{back}/move"), "move", "UI_ALIAS_MOVE");
            let who = Field::new(&ui, "person_id", "UI_NEW_PERSON", Kind::Among(people.labels())).required();
            ("UI_ALIAS_MOVE", form.with(who).with(day_field(&ui, "from", "UI_FIRST_DAY")).with(reason()))
        }
        _ => return Err(Error::not_found("page", slug)),
    };
    let now = format!("{} · {} · {}", alias.platform, people.said(&alias.person_id), days(&ui, &alias.from, &alias.to));
    let title = ui.t(label);
    Ok((Act::new(ui.titled(title), form, back).note("accent", now).looking(), people))
}

async fn out(visit: &Visit, id: &str, slug: &str, (people, sent): (&Names, &Sent)) -> Result<Option<Correction>> {
    let mut client = CorrectionServiceClient::new(visit.channel("attendance")?);
    let (request_id, alias_id, reason) = (sent.request_id(), id.to_owned(), sent.get("reason").to_owned());
    let validate_only = only_looks(sent);
    if slug == "end" {
        let ask = EndAliasRequest { request_id, alias_id, to: sent.get("to").to_owned(), reason, validate_only };
        return told(client.end_alias(visit.request(ask))).await.map(|it| it.correction);
    }
    let mut wrong = missing(sent, &["from"]);
    let found = people.find(sent.get("person_id")).map_err(|why| wrong.push(("person_id", why)));
    all_right(wrong)?;
    let (person_id, from) = (found.unwrap_or_default(), sent.get("from").to_owned());
    let ask = MoveAliasRequest { request_id, alias_id, person_id, from, reason, validate_only };
    told(client.move_alias(visit.request(ask))).await.map(|it| it.correction)
}

/// `GET /aliases/new`.
pub async fn new_form(visit: Visit) -> Response<Body> {
    visit.page(new_page(&visit).await.map(|(page, _)| page))
}

/// `POST /aliases/new`.
pub async fn add(visit: Visit, sent: Sent) -> Response<Body> {
    match new_page(&visit).await {
        Err(error) => visit.refused(&error),
        Ok((page, people)) => {
            let done = added(&visit, &people, &sent).await;
            page.answered(&visit, &sent, done, ("/aliases", "ALIAS_CHANGED"))
        }
    }
}

async fn new_page(visit: &Visit) -> Result<(Act, Names)> {
    allowed(visit, Permission::AliasWrite)?;
    let (people, known) = futures::try_join!(names::people(visit), all(visit))?;
    let ui = visit.ui(&msg!("UI_ADD_ALIAS"));
    let ui = {
        let list = ui.t("NAV_ALIASES");
        ui.below("/aliases", list)
    };
    let mut platforms: Vec<_> = known.into_iter().map(|it| it.platform).collect();
    platforms.sort();
    platforms.dedup();
    let form = Form::new(&ui, "/aliases/new", "new-alias", "UI_ADD_ALIAS")
        .with(Field::new(&ui, "platform", "UI_PLATFORM", Kind::Among(platforms)).required())
        .with(Field::text(&ui, "alias", "UI_ALIAS").required())
        .with(Field::new(&ui, "person_id", "UI_PERSON", Kind::Among(people.labels())).required())
        .with(Field::new(&ui, "from", "UI_FIRST_DAY", Kind::Date).hint(ui.t("UI_FROM_BEGINNING_HINT")))
        .with(Field::new(&ui, "to", "UI_LAST_DAY", Kind::Date).hint(ui.t("UI_OPEN_END_HINT")));
    Ok((Act::new(ui, form, "/aliases"), people))
}

async fn added(visit: &Visit, people: &Names, sent: &Sent) -> Result<()> {
    let mut wrong = missing(sent, &["platform", "alias"]);
    let found = people.find(sent.get("person_id")).map_err(|why| wrong.push(("person_id", why)));
    all_right(wrong)?;
    let text = |name: &str| sent.get(name).to_owned();
    let row = Alias {
        platform: text("platform"),
        alias: text("alias"),
        person_id: found.unwrap_or_default(),
        from: text("from"),
        to: text("to"),
        ..Default::default()
    };
    let ask = ImportAliasesRequest { request_id: sent.request_id(), rows: vec![row] };
    let done = told(AliasServiceClient::new(visit.channel("attendance")?).import_aliases(visit.request(ask))).await?;
    imported(done.result, |_, _| "")
}
