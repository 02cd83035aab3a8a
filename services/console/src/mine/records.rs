//! `/my/records`: the credited records of a cycle, and why each is credited as it is.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_api::performance::v1::attribution_service_client::AttributionServiceClient;
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_api::performance::v1::{
    Credit, Cycle, ExplainRecordRequest, ExplainRecordResponse, ExportCreditsRequest, GetCycleRequest, Rung, Share,
};
use tally_kernel::{Result, msg};
use tally_rpc::error_from;

use super::own::{self, Accounts};
use crate::console::told;
use crate::ui::Ui;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "mine/records.html")]
struct Records {
    ui: Ui,
    table: Table,
}

/// `GET /my/records?cycle=`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<Records> {
    let asked = visit.asked();
    let cycle_id = asked.get("cycle").to_owned();
    let (cycle, credits, accounts) =
        futures::try_join!(cycle(visit, &cycle_id), credits(visit, &cycle_id), own::accounts(visit))?;
    let ui = visit.ui(&msg!("UI_MINE_RECORDS"));
    let ui = ui.clone().below(format!("/my/month?cycle={cycle_id}"), own::cycle_name(&ui, &cycle));
    let columns = vec![
        Column::text(&ui, "record", "UI_MINE_RECORD"),
        Column::text(&ui, "at", "UI_MINE_BEGAN"),
        Column::text(&ui, "account", "UI_MINE_ACCOUNT_COLUMN").filtered(),
        Column::text(&ui, "rung", "UI_MINE_HOW_SURE").filtered(),
        Column::number(&ui, "share", "UI_MINE_SHARE"),
    ];
    let me = visit.me().person_id;
    let rows = credits.iter().map(|credit| row(&ui, credit, (&cycle_id, &me, &accounts))).collect();
    let table = Table::new(&ui, ("records", "UI_MINE_RECORDS", "UI_MINE_NO_RECORDS"), &asked, columns, rows);
    Ok(Records { ui, table })
}

/// The cycle of an id.
pub async fn cycle(visit: &Visit, cycle_id: &str) -> Result<Cycle> {
    let ask = GetCycleRequest { cycle_id: cycle_id.to_owned() };
    let client = CycleServiceClient::new(visit.channel("performance")?);
    Ok(told(client.clone().get_cycle(visit.request(ask))).await?.cycle.unwrap_or_default())
}

/// All credits of the reader in a cycle: some hundreds in a month.
async fn credits(visit: &Visit, cycle_id: &str) -> Result<Vec<Credit>> {
    let (cycle_id, person_id) = (cycle_id.to_owned(), visit.me().person_id);
    let ask = ExportCreditsRequest { cycle_id, person_id, ..Default::default() };
    let client = AttributionServiceClient::new(visit.channel("performance")?)
        .max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    let mut parts = told(client.clone().export_credits(visit.request(ask))).await?;
    let mut all = Vec::new();
    while let Some(part) = parts.message().await.map_err(error_from)? {
        all.extend(part.credits);
    }
    Ok(all)
}

/// How sure a rung is.
pub fn tone(rung: Rung) -> &'static str {
    match rung {
        Rung::Tag | Rung::Claim | Rung::Device | Rung::Handover | Rung::Sole | Rung::Split => "good",
        Rung::Inferred | Rung::Replies | Rung::TagShare => "accent",
        Rung::Equal | Rung::Team => "warn",
        Rung::Unspecified | Rung::Unattributed => "bad",
    }
}

/// The part of a record that is somebody's.
fn share(shares: &[Share], person: &str) -> u32 {
    shares.iter().filter(|share| share.person_id == person).map(|share| share.ppm).sum()
}

/// The way to why a record is credited as it is.
pub fn way(cycle_id: &str, account_id: &str, record: &str) -> String {
    let record = percent_encoding::utf8_percent_encode(record, percent_encoding::NON_ALPHANUMERIC);
    format!("/my/records/{cycle_id}/{account_id}/{record}")
}

fn row(ui: &Ui, credit: &Credit, (cycle_id, me, accounts): (&str, &str, &Accounts)) -> Row {
    let ppm = share(&credit.shares, me);
    let began = credit.started_at.as_ref().map_or(0, |at| at.seconds);
    Row {
        id: format!("{}-{}", credit.account_id, hex::encode(&credit.external_id)),
        href: way(cycle_id, &credit.account_id, &credit.external_id),
        cells: vec![
            Cell::code(&credit.external_id),
            Cell::when(ui.moment(credit.started_at.as_ref()), began),
            Cell::text(accounts.name_or(ui, &credit.account_id, &credit.account_key)),
            Cell::pill(ui.t(credit.rung().as_str_name()), tone(credit.rung())),
            Cell::share(ui.format.percent(ppm), ppm),
        ],
    }
}

#[derive(Template)]
#[template(path = "mine/record.html")]
struct Record {
    ui: Ui,
    rung: String,
    tone: &'static str,
    share: String,
    others: String,
    at: String,
    lines: Vec<String>,
    /// What spoke for the one rather than the other.
    sentence: String,
}

/// `GET /my/records/{cycle}/{account}/{record}`.
pub async fn one(visit: Visit, Path((cycle_id, account_id, record)): Path<(String, String, String)>) -> Response<Body> {
    visit.page(explained(&visit, (cycle_id, account_id, record)).await)
}

async fn explained(visit: &Visit, (cycle_id, account_id, external_id): (String, String, String)) -> Result<Record> {
    let ask = ExplainRecordRequest {
        cycle_id: cycle_id.clone(),
        account_id,
        external_id: external_id.clone(),
        ..Default::default()
    };
    let client = AttributionServiceClient::new(visit.channel("performance")?);
    let mut client = client.clone();
    let (cycle, reply) = futures::try_join!(cycle(visit, &cycle_id), told(client.explain_record(visit.request(ask))))?;
    let ui = visit.ui(&msg!("UI_MINE_RECORD"));
    let ui = ui
        .clone()
        .titled(external_id)
        .below(format!("/my/month?cycle={cycle_id}"), own::cycle_name(&ui, &cycle))
        .below(format!("/my/records?cycle={cycle_id}"), ui.t("UI_MINE_RECORDS"));
    Ok(record(ui, reply, &visit.me().person_id))
}

fn record(ui: Ui, reply: ExplainRecordResponse, me: &str) -> Record {
    let credit = reply.credit.unwrap_or_default();
    let mine = share(&credit.shares, me);
    let others: u32 = credit.shares.iter().map(|share| share.ppm).sum::<u32>() + credit.others_ppm;
    Record {
        rung: ui.t(credit.rung().as_str_name()),
        tone: tone(credit.rung()),
        share: ui.format.percent(mine),
        others: ui.format.percent(others.saturating_sub(mine)),
        at: ui.moment(credit.started_at.as_ref()),
        lines: reply.lines,
        sentence: reply.reason.map(|reason| reason.sentence).unwrap_or_default(),
        ui,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_whatever_its_id_is_made_of() {
        assert_eq!(way("c", "a", "J26/03 #1"), "/my/records/c/a/J26%2F03%20%231");
    }

    #[test]
    fn of_a_record_the_own_part_is_told() {
        let of = |person: &str, ppm| Share { person_id: person.to_owned(), ppm };
        assert_eq!(share(&[of("me", 200_000), of("other", 800_000)], "me"), 200_000);
        assert_eq!(share(&[], "me"), 0);
    }
}
