//! How long which kind of data is kept.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::common::v1::{RetentionTaken, RunRetentionRequest};
use tally_api::identity::v1::retention_service_client::RetentionServiceClient;
use tally_api::identity::v1::{ListRetentionRequest, Retention, SetRetentionRequest};
use tally_kernel::error::Kind as ErrorKind;
use tally_kernel::{Error, Result, msg};

use crate::access::logins::List;
use crate::act::{Act, all_right, allowed, missing, sure};
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
            Cell::text(kind_said(&ui, &it.kind)),
            Cell::number(ui.format.count(it.months), it.months),
            Cell::text(bounds(&ui, it)),
            Cell::text(&it.counted_from),
            Cell::text(if it.set_reason.is_empty() { it.legal_reason.clone() } else { it.set_reason.clone() }),
        ],
    };
    let rows = all(visit).await?.iter().map(row).collect();
    let table = Table::new(&ui, ("retention", "NAV_RETENTION", "UI_NOTHING_THERE"), &visit.asked(), columns, rows);
    let said = ui.t("UI_RETENTION_SAID");
    let may = visit.me().may(Permission::RetentionRun);
    let act = if may { ("/platform/retention/run".to_owned(), ui.t("UI_RETENTION_RUN")) } else { Default::default() };
    Ok(List { ui, table, act, said })
}

/// What a kind of data is called.
fn kind_said(ui: &Ui, name: &str) -> String {
    ui.word(&format!("KEPT_{}", name.to_uppercase().replace('.', "_")))
}

fn bounds(ui: &Ui, it: &Retention) -> String {
    ui.say(&msg!("UI_MONTHS_WITHIN", least = it.least_months, most = it.most_months, usual = it.default_months))
}

async fn page(visit: &Visit, kind: &str) -> Result<Act> {
    allowed(visit, Permission::RetentionWrite)?;
    let found = all(visit).await?.into_iter().find(|it| it.kind == kind);
    let it = found.ok_or_else(|| Error::of(ErrorKind::NotFound, msg!("UI_NOTHING_THERE")))?;
    let ui = visit.ui(&msg!("NAV_RETENTION")).titled(kind_said(&visit.ui(&msg!("NAV_RETENTION")), &it.kind));
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

async fn page_run(visit: &Visit) -> Result<Act> {
    allowed(visit, Permission::RetentionRun)?;
    let ui = visit.ui(&msg!("UI_RETENTION_RUN")).below(LIST, visit.ui(&msg!("NAV_RETENTION")).title);
    let form = Form::new(&ui, format!("{LIST}/run"), "run", "UI_RETENTION_RUN").danger().with(sure(&ui));
    let said = ui.t("UI_RETENTION_RUN_SAID");
    Ok(Act::new(ui, form, LIST).note("warn", said))
}

/// `GET /platform/retention/run`.
pub async fn form_run(visit: Visit) -> Response<Body> {
    visit.page(page_run(&visit).await)
}

/// `POST /platform/retention/run`: what is over goes now, in every service, and the page says what that was.
pub async fn run(visit: Visit, sent: Sent) -> Response<Body> {
    let page = match page_run(&visit).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        all_right(missing(&sent, &["sure"]))?;
        taken(&visit).await
    };
    match done.await {
        Ok(taken) => visit.page(Ok(result(&visit, &taken))),
        Err(error) => page.answered(&visit, &sent, Err(error), ("", "")),
    }
}

/// What was taken out of each table, by service.
async fn taken(visit: &Visit) -> Result<Vec<(&'static str, RetentionTaken)>> {
    use tally_api::{attendance, compensation, performance, talent};
    let mut all = Vec::new();
    macro_rules! run {
        ($client:ty, $service:literal) => {
            loop {
                let mut client = <$client>::new(visit.channel($service)?);
                let ran = told(client.run_retention(visit.request(RunRetentionRequest {}))).await?;
                all.extend(ran.taken.into_iter().map(|it| ($service, it)));
                if !ran.more {
                    break;
                }
            }
        };
    }
    run!(RetentionServiceClient<_>, "identity");
    run!(attendance::v1::privacy_service_client::PrivacyServiceClient<_>, "attendance");
    run!(performance::v1::privacy_service_client::PrivacyServiceClient<_>, "performance");
    run!(compensation::v1::privacy_service_client::PrivacyServiceClient<_>, "compensation");
    run!(talent::v1::privacy_service_client::PrivacyServiceClient<_>, "talent");
    Ok(all)
}

fn result(visit: &Visit, taken: &[(&'static str, RetentionTaken)]) -> List {
    let ui = visit.ui(&msg!("UI_RETENTION_RAN")).below(LIST, visit.ui(&msg!("NAV_RETENTION")).title);
    let columns = vec![
        Column::text(&ui, "service", "UI_SERVICE").filtered(),
        Column::text(&ui, "table", "UI_TABLE"),
        Column::text(&ui, "kind", "UI_KIND"),
        Column::text(&ui, "until", "UI_OLDER_THAN"),
        Column::number(&ui, "rows", "UI_ROWS_REMOVED"),
    ];
    let row = |(at, (service, it)): (usize, &(&'static str, RetentionTaken))| Row {
        id: at.to_string(),
        href: String::new(),
        cells: vec![
            Cell::text(ui.module(service)),
            Cell::code(&it.table),
            Cell::text(kind_said(&ui, &it.kind)),
            Cell::text(ui.moment(it.until.as_ref())),
            Cell::number(ui.format.count(it.rows), it.rows),
        ],
    };
    let rows = taken.iter().enumerate().map(row).collect();
    let table = Table::new(&ui, ("taken", "UI_RETENTION_RAN", "UI_NOTHING_WAS_OVER"), &visit.asked(), columns, rows);
    List { ui, table, act: Default::default(), said: String::new() }
}
