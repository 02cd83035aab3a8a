//! Places of work, with their zone and when their day ends.

use axum::body::Body;
use http::Response;
use tally_access::Permission;
use tally_api::attendance::v1::site_service_client::SiteServiceClient;
use tally_api::attendance::v1::{ImportSitesRequest, ListSitesRequest, Site};
use tally_kernel::{Result, msg};

use super::pages::List;
use crate::act::{Act, all_right, allowed, imported, missing};
use crate::console::told;
use crate::names::{self, AT_ONCE};
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

/// When a day ends where nobody says so, as the contract has it.
const CUT_OVER: &str = "04:00";

/// `GET /sites`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_SITES"));
    let client = SiteServiceClient::new(visit.channel("attendance")?);
    let sites: Vec<Site> = tally_rpc::pages(async |page_token| {
        let ask = ListSitesRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_sites(visit.request(ask)).await?.into_inner();
        Ok((page.sites, page.next_page_token))
    })
    .await?;
    let columns = vec![
        Column::text(&ui, "name", "UI_NAME"),
        Column::text(&ui, "zone", "UI_ITS_ZONE").filtered(),
        Column::text(&ui, "cut", "UI_CUT_OVER"),
        Column::text(&ui, "region", "UI_REGION").filtered(),
    ];
    let row = |it: &Site| Row {
        id: it.site_id.clone(),
        href: String::new(),
        cells: vec![Cell::text(&it.name), Cell::text(&it.zone), Cell::text(&it.cut_over), Cell::text(&it.region)],
    };
    let rows = sites.iter().map(row).collect();
    let table = Table::new(&ui, ("sites", "NAV_SITES", "UI_NO_SITES"), &visit.asked(), columns, rows);
    Ok(List::new(ui, table).adding(visit.me().may(Permission::SiteWrite), "/sites/new", "UI_ADD_SITE"))
}

/// `GET /sites/new`.
pub async fn new_form(visit: Visit) -> Response<Body> {
    visit.page(page(&visit).await)
}

/// `POST /sites/new`.
pub async fn add(visit: Visit, sent: Sent) -> Response<Body> {
    match page(&visit).await {
        Err(error) => visit.refused(&error),
        Ok(page) => {
            let done = added(&visit, &sent).await;
            page.answered(&visit, &sent, done, ("/sites", "SITE_ADDED"))
        }
    }
}

async fn page(visit: &Visit) -> Result<Act> {
    allowed(visit, Permission::SiteWrite)?;
    let units = names::units(visit, "", None).await?;
    let ui = visit.ui(&msg!("UI_ADD_SITE"));
    let ui = {
        let all = ui.t("NAV_SITES");
        ui.below("/sites", all)
    };
    let mut regions: Vec<_> = units.into_iter().map(|it| it.region).filter(|it| it != "*").collect();
    regions.sort();
    regions.dedup();
    let regions = regions.iter().map(|it| Choice::new(it, it)).collect();
    let zone = ui.format.zone().iana_name().unwrap_or("UTC").to_owned();
    let form = Form::new(&ui, "/sites/new", "new-site", "UI_ADD_SITE")
        .with(Field::text(&ui, "name", "UI_NAME").required())
        .with(Field::text(&ui, "zone", "UI_ZONE").required().value(zone))
        .with(Field::new(&ui, "cut_over", "UI_CUT_OVER", Kind::Time).value(CUT_OVER).hint(ui.t("UI_CUT_OVER_HINT")))
        .with(Field::new(&ui, "region", "UI_REGION", Kind::Choice(regions)));
    Ok(Act::new(ui, form, "/sites"))
}

async fn added(visit: &Visit, sent: &Sent) -> Result<()> {
    all_right(missing(sent, &["name", "zone"]))?;
    let text = |name: &str| sent.get(name).to_owned();
    let (name, zone, cut_over, region) = (text("name"), text("zone"), text("cut_over"), text("region"));
    let row = Site { site_id: String::new(), name, zone, cut_over, region };
    let ask = ImportSitesRequest { request_id: sent.request_id(), rows: vec![row] };
    let done = told(SiteServiceClient::new(visit.channel("attendance")?).import_sites(visit.request(ask))).await?;
    imported(done.result, |reason, sentence| match reason {
        _ if reason.contains("ZONE") || sentence.starts_with("zone") => "zone",
        _ if reason.contains("REGION") => "region",
        _ if sentence.starts_with("cut_over") => "cut_over",
        _ if sentence.starts_with("name") => "name",
        _ => "",
    })
}
