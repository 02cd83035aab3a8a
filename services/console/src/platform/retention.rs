//! How long which kind of data is kept.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::retention_service_client::RetentionServiceClient;
use tally_api::identity::v1::{ListRetentionRequest, Retention, SetRetentionRequest};
use tally_kernel::error::Kind as ErrorKind;
use tally_kernel::{Error, Result, msg};

use crate::access::logins::List;
use crate::act::{Act, all_right, allowed, missing};
use crate::console::told;
use crate::ui::Ui;
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

const LIST: &str = "/platform/retention";

async fn all(visit: &Visit) -> Result<Vec<Retention>> {
    let mut client = RetentionServiceClient::new(visit.channel("identity")?);
    Ok(told(client.list_retention(visit.request(ListRetentionRequest {}))).await?.schedule)
}

/// `GET /platform/retention`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_RETENTION"));
    let columns = vec![
        Column::text(&ui, "kind", "UI_KIND"),
        Column::number(&ui, "months", "UI_MONTHS_KEPT"),
        Column::text(&ui, "bounds", "UI_MONTHS_BOUNDS"),
        Column::text(&ui, "from", "UI_COUNTED_FROM"),
        Column::text(&ui, "why", "UI_WHY_KEPT"),
    ];
    let may = visit.me().may(Permission::RetentionWrite);
    let row = |it: &Retention| Row {
        id: it.kind.clone(),
        href: if may { format!("{LIST}/{}", it.kind) } else { String::new() },
        cells: vec![
            Cell::code(&it.kind),
            Cell::number(ui.format.count(it.months), it.months),
            Cell::text(bounds(&ui, it)),
            Cell::text(&it.counted_from),
            Cell::text(if it.set_reason.is_empty() { it.legal_reason.clone() } else { it.set_reason.clone() }),
        ],
    };
    let rows = all(visit).await?.iter().map(row).collect();
    let table = Table::new(&ui, ("retention", "NAV_RETENTION", "UI_NOTHING_THERE"), &visit.asked(), columns, rows);
    let said = ui.t("UI_RETENTION_SAID");
    Ok(List { ui, table, act: ("", String::new()), said })
}

fn bounds(ui: &Ui, it: &Retention) -> String {
    ui.say(&msg!("UI_MONTHS_WITHIN", least = it.least_months, most = it.most_months, usual = it.default_months))
}

async fn page(visit: &Visit, kind: &str) -> Result<Act> {
    allowed(visit, Permission::RetentionWrite)?;
    let found = all(visit).await?.into_iter().find(|it| it.kind == kind);
    let it = found.ok_or_else(|| Error::of(ErrorKind::NotFound, msg!("UI_NOTHING_THERE")))?;
    let ui = visit.ui(&msg!("NAV_RETENTION")).titled(it.kind.clone());
    let ui = ui.below(LIST, visit.ui(&msg!("NAV_RETENTION")).title);
    let months = Field::new(&ui, "months", "UI_MONTHS_KEPT", Kind::Number).required();
    let form = Form::new(&ui, format!("{LIST}/{kind}"), "retention", "UI_SAVE")
        .with(months.value(it.months.to_string()).hint(bounds(&ui, &it)))
        .with(Field::new(&ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_REASON_HINT")));
    let (legal, shorter) = (it.legal_reason.clone(), ui.t("UI_RETENTION_SHORTER"));
    Ok(Act::new(ui, form, LIST).note("plain", legal).note("warn", shorter))
}

/// `GET /platform/retention/{kind}`.
pub async fn one(visit: Visit, Path(kind): Path<String>) -> Response<Body> {
    visit.page(page(&visit, &kind).await)
}

/// `POST /platform/retention/{kind}`.
pub async fn set(visit: Visit, Path(kind): Path<String>, sent: Sent) -> Response<Body> {
    let page = match page(&visit, &kind).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        let mut wrong = missing(&sent, &["reason"]);
        let months = sent.get("months").trim().parse();
        if months.is_err() {
            wrong.push(("months", msg!("UI_NUMBER_WANTED")));
        }
        all_right(wrong)?;
        let (months, reason) = (months.unwrap_or_default(), sent.get("reason").to_owned());
        let ask = SetRetentionRequest { request_id: sent.request_id(), kind, months, reason };
        told(RetentionServiceClient::new(visit.channel("identity")?).set_retention(visit.request(ask)))
            .await
            .map(|_| ())
    };
    page.answered(&visit, &sent, done.await, (LIST, "RETENTION_SET"))
}
