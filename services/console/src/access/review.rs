//! Access review: everybody who holds a permission, since when, and by whose grant.

use askama::Template;
use axum::body::Body;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::check_service_client::CheckServiceClient;
use tally_api::identity::v1::{AccessReviewRow, ReviewAccessRequest};
use tally_kernel::{Result, msg};

use super::grants::{reach, role_name};
use super::logins::Principals;
use crate::act::{days, sortable};
use crate::names::{self, Names};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::Visit;

/// Asked for first: who reads everybody's pay.
const FIRST: &str = "compensation.statement.read_pay";

#[derive(Template)]
#[template(path = "access/review.html")]
pub struct Page {
    ui: Ui,
    permission: String,
    permissions: Vec<&'static str>,
    table: Table,
}

/// `GET /access/review?permission=`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<Page> {
    let ui = visit.ui(&msg!("NAV_REVIEW"));
    let asked = visit.asked();
    let permission = if asked.get("permission").is_empty() { FIRST } else { asked.get("permission") }.to_owned();
    let (rows, principals, units) =
        futures::try_join!(held(visit, &permission), Principals::of(visit), names::units(visit, "", None))?;
    let units = Names::of_units(&units);
    let columns = vec![
        Column::text(&ui, "who", "UI_WHO"),
        Column::text(&ui, "role", "UI_ROLE").filtered(),
        Column::text(&ui, "reach", "UI_REACH"),
        Column::text(&ui, "days", "UI_DAYS"),
        Column::text(&ui, "holds", "UI_HOLDS_TODAY").filtered(),
        Column::text(&ui, "given", "UI_GIVEN_AT"),
        Column::text(&ui, "by", "UI_GIVEN_BY"),
        Column::text(&ui, "reason", "UI_REASON"),
    ];
    let row = |row: AccessReviewRow| {
        let grant = row.grant.clone().unwrap_or_default();
        let given = row.granted_at.as_ref().and_then(instant).map_or(0, |at| at.as_second());
        let holds =
            if row.holds_today { Cell::pill(ui.t("UI_YES"), "good") } else { Cell::pill(ui.t("UI_NO"), "plain") };
        Row {
            id: grant.grant_id.clone(),
            href: String::new(),
            cells: vec![
                Cell::text(principals.said(&grant.principal_id)),
                Cell::text(role_name(&ui, &grant.role)),
                Cell::text(reach(&ui, &units, (grant.scope(), &grant.scope_ref))),
                Cell::when(days(&ui, &grant.valid_from, &grant.valid_to), sortable(&grant.valid_from)),
                holds,
                Cell::when(ui.moment(row.granted_at.as_ref()), given),
                Cell::text(principals.said(&grant.granted_by)),
                Cell::text(&grant.reason),
            ],
        }
    };
    let rows = rows.into_iter().map(row).collect();
    let table = Table::new(&ui, ("review", "NAV_REVIEW", "UI_NOBODY_HOLDS"), &asked, columns, rows);
    Ok(Page { ui, permission, permissions: Permission::ALL.iter().map(|it| it.name()).collect(), table })
}

async fn held(visit: &Visit, permission: &str) -> Result<Vec<AccessReviewRow>> {
    let client = CheckServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ReviewAccessRequest { permission: permission.to_owned(), page_size: names::AT_ONCE, page_token };
        let page = client.clone().review_access(visit.request(ask)).await?.into_inner();
        Ok((page.rows, page.next_page_token))
    })
    .await
}
