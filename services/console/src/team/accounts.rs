//! The accounts of the team: the way to their timelines.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use http::Response;
use tally_api::attendance::v1::Account;
use tally_api::performance::v1::Total;
use tally_kernel::{Result, msg};

use super::duty::{self, Source, Wanted};
use super::month;
use crate::names;
use crate::ui::Ui;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "team/accounts.html")]
struct Accounts {
    ui: Ui,
    /// Whose figures the list shows.
    of: String,
    table: Table,
}

/// `GET /team/accounts`.
pub async fn accounts(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<Accounts> {
    let ui = visit.ui(&msg!("NAV_TEAM_ACCOUNTS"));
    let (accounts, cycles) = futures::try_join!(names::accounts(visit), duty::cycles(visit))?;
    let cycle = cycles.iter().find(|it| it.is_done);
    let totals = match cycle {
        Some(cycle) => by_account(&duty::totals(visit, cycle, &Wanted::default()).await?),
        None => BTreeMap::new(),
    };
    let today = ui.now().to_zoned(ui.format.zone().clone()).date().to_string();
    let columns = vec![
        Column::text(&ui, "store", "UI_TEAM_STORE").filtered(),
        Column::text(&ui, "name", "UI_TEAM_ACCOUNT"),
        Column::text(&ui, "platform", "UI_TEAM_PLATFORM").filtered(),
        Column::text(&ui, "team", "UI_UNIT").filtered(),
        Column::text(&ui, "phase", "UI_TEAM_PHASE").filtered(),
        Column::number(&ui, "records", "UI_TEAM_RECORDS"),
        Column::number(&ui, "certain", "UI_TEAM_CERTAIN"),
        Column::text(&ui, "zone", "UI_TEAM_ZONE_OF_DAYS").hidden(),
    ];
    let rows = accounts.iter().map(|account| row(&ui, account, &totals, cycle, &today)).collect();
    let table =
        Table::new(&ui, ("accounts", "NAV_TEAM_ACCOUNTS", "UI_TEAM_NO_ACCOUNTS"), &visit.asked(), columns, rows);
    let of = cycle.map(|it| it.label(&ui)).unwrap_or_default();
    Ok(Accounts { ui, of, table })
}

/// What is credited on each account to whom the reader may see: all of it, and what evidence names.
fn by_account(totals: &[Total]) -> BTreeMap<String, Total> {
    let mut sums: BTreeMap<String, Total> = BTreeMap::new();
    for total in totals.iter().filter(|it| !it.account_id.is_empty()) {
        let sum = sums.entry(total.account_id.clone()).or_default();
        sum.tagged_ppm += total.tagged_ppm;
        sum.handover_ppm += total.handover_ppm;
        sum.sole_ppm += total.sole_ppm;
        sum.claimed_ppm += total.claimed_ppm;
        sum.device_ppm += total.device_ppm;
        sum.total_ppm += total.total_ppm;
    }
    sums
}

fn row(ui: &Ui, account: &Account, totals: &BTreeMap<String, Total>, cycle: Option<&Source>, today: &str) -> Row {
    let phase = account.phases.iter().rev().find(|it| it.from.as_str() <= today);
    let total = totals.get(&account.account_id);
    let of = cycle.map(|it| format!("?of={}", it.id)).unwrap_or_default();
    let records = total.map(|it| month::records(it.total_ppm));
    Row {
        id: account.account_id.clone(),
        href: format!("/team/accounts/{}{of}", account.account_id),
        cells: vec![
            Cell::text(&account.store),
            Cell::code(&account.name),
            Cell::text(&account.platform),
            Cell::text(&account.team_path),
            phase.map_or(Cell::text(""), |it| Cell::pill(ui.word(it.kind().as_str_name()), "plain")),
            records.map_or(Cell::text(""), |it| Cell::number(ui.format.rounded(&it.to_string(), 0), it)),
            total.map_or(Cell::text(""), |it| Cell::share(ui.format.percent(month::certain(it)), month::certain(it))),
            Cell::text(&account.zone),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_people_on_an_account_is_summed_and_their_sums_left_out() {
        let total = |account: &str, tagged_ppm, total_ppm| {
            let account_id = account.to_owned();
            Total { account_id, tagged_ppm, total_ppm, ..Total::default() }
        };
        let sums = by_account(&[total("a", 1, 4), total("a", 1, 4), total("", 2, 8), total("b", 0, 2)]);
        assert_eq!(sums.len(), 2);
        assert_eq!(sums.get("a").map(|it| (it.total_ppm, month::certain(it))), Some((8, 250_000)));
    }
}
