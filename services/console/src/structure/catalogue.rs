//! The group's positions and grades, as of any day.

use axum::body::Body;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::catalogue_service_client::CatalogueServiceClient;
use tally_api::identity::v1::{
    CatalogueEntry, CatalogueKind, CatalogueRow, ImportCatalogueRequest, ListCatalogueRequest,
};
use tally_kernel::{Result, msg};

use super::pages::List;
use crate::act::{Act, AsOf, all_right, allowed, imported, missing, sortable, word_field};
use crate::console::told;
use crate::names::AT_ONCE;
use crate::ui::Ui;
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

/// `GET /catalogue?day=`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_CATALOGUE"));
    let asked = visit.asked();
    let asof = AsOf::of(&ui, &asked);
    let client = CatalogueServiceClient::new(visit.channel("identity")?);
    let entries: Vec<CatalogueEntry> = tally_rpc::pages(async |page_token| {
        let ask = ListCatalogueRequest { as_of: asof.day.clone(), page_size: AT_ONCE, page_token, known_at: None };
        let page = client.clone().list_catalogue(visit.request(ask)).await?.into_inner();
        Ok((page.entries, page.next_page_token))
    })
    .await?;
    let columns = vec![
        Column::text(&ui, "code", "UI_CODE_NAME"),
        Column::text(&ui, "title", "UI_TITLE"),
        Column::text(&ui, "kind", "UI_KIND").filtered(),
        Column::number(&ui, "rank", "UI_LADDER"),
        Column::text(&ui, "from", "UI_FIRST_DAY"),
        Column::text(&ui, "to", "UI_LAST_DAY"),
    ];
    let rows = entries.iter().map(|it| row(&ui, it)).collect();
    let table = Table::new(&ui, ("catalogue", "NAV_CATALOGUE", "UI_NO_CATALOGUE"), &asked, columns, rows);
    let mut list = List::new(ui, table).adding(visit.me().may(Permission::OrgWrite), "/catalogue/new", "UI_ADD_ENTRY");
    list.days = vec![("day", list.ui.t("UI_AS_OF"), asof.day)];
    Ok(list)
}

fn row(ui: &Ui, it: &CatalogueEntry) -> Row {
    let is_grade = it.kind() == CatalogueKind::Grade;
    Row {
        id: it.entry_id.clone(),
        href: String::new(),
        cells: vec![
            Cell::code(&it.code),
            Cell::text(&it.title),
            Cell::pill(ui.word(it.kind().as_str_name()), if is_grade { "accent" } else { "plain" }),
            if is_grade { Cell::number(ui.format.count(it.rank), it.rank) } else { Cell::text("") },
            Cell::when(ui.format.day_text(&it.valid_from), sortable(&it.valid_from)),
            Cell::when(ui.format.day_text(&it.valid_to), sortable(&it.valid_to)),
        ],
    }
}

/// `GET /catalogue/new`.
pub async fn new_form(visit: Visit) -> Response<Body> {
    visit.page(page(&visit))
}

/// `POST /catalogue/new`.
pub async fn add(visit: Visit, sent: Sent) -> Response<Body> {
    match page(&visit) {
        Err(error) => visit.refused(&error),
        Ok(page) => {
            let done = added(&visit, &sent).await;
            page.answered(&visit, &sent, done, ("/catalogue", "ENTRY_ADDED"))
        }
    }
}

fn page(visit: &Visit) -> Result<Act> {
    allowed(visit, Permission::OrgWrite)?;
    let ui = visit.ui(&msg!("UI_ADD_ENTRY"));
    let ui = {
        let all = ui.t("NAV_CATALOGUE");
        ui.below("/catalogue", all)
    };
    let kinds = [CatalogueKind::Position, CatalogueKind::Grade].map(|kind| kind.as_str_name());
    let form = Form::new(&ui, "/catalogue/new", "new-entry", "UI_ADD_ENTRY")
        .with(word_field(&ui, "kind", "UI_KIND", &kinds).required())
        .with(Field::text(&ui, "code", "UI_CODE_NAME").required().hint(ui.t("UI_CODE_NAME_HINT")))
        .with(Field::text(&ui, "title", "UI_TITLE"))
        .with(Field::new(&ui, "rank", "UI_LADDER", Kind::Number).hint(ui.t("UI_LADDER_HINT")))
        .with(Field::new(&ui, "valid_from", "UI_FIRST_DAY", Kind::Date).hint(ui.t("UI_FROM_BEGINNING_HINT")))
        .with(Field::new(&ui, "valid_to", "UI_LAST_DAY", Kind::Date).hint(ui.t("UI_OPEN_END_HINT")));
    let said = ui.t("UI_CATALOGUE_SAID");
    Ok(Act::new(ui, form, "/catalogue").note("plain", said))
}

async fn added(visit: &Visit, sent: &Sent) -> Result<()> {
    let mut wrong = missing(sent, &["kind", "code"]);
    let rank = match sent.get("rank") {
        "" => 0,
        text => text.parse().unwrap_or_else(|_| {
            wrong.push(("rank", msg!("UI_WHOLE_NUMBER")));
            0
        }),
    };
    all_right(wrong)?;
    let text = |name: &str| sent.get(name).to_owned();
    let row = CatalogueRow {
        kind: CatalogueKind::from_str_name(sent.get("kind")).unwrap_or_default().into(),
        code: text("code"),
        title: text("title"),
        rank,
        valid_from: text("valid_from"),
        valid_to: text("valid_to"),
    };
    let ask = ImportCatalogueRequest { request_id: sent.request_id(), rows: vec![row] };
    let done =
        told(CatalogueServiceClient::new(visit.channel("identity")?).import_catalogue(visit.request(ask))).await?;
    imported(done.result, |reason, sentence| match reason {
        _ if reason.contains("RANK") => "rank",
        _ if sentence.contains("valid_to") => "valid_to",
        _ if sentence.contains("code") => "code",
        _ => "",
    })
}
