//! Who worked at which device when.

use axum::body::Body;
use futures::TryStreamExt as _;
use http::Response;
use jiff::ToSpan as _;
use jiff::civil::Date;
use tally_api::attendance::v1::device_service_client::DeviceServiceClient;
use tally_api::attendance::v1::{DeviceUse, ListDeviceUsesRequest};
use tally_api::common::v1::Period;
use tally_kernel::{Result, msg};
use tally_rpc::error_from;

use super::pages::List;
use crate::act::today;
use crate::console::told;
use crate::names;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::Visit;

/// Days that are shown where nobody says which.
const DAYS: i64 = 6;

/// `GET /devices/uses?from=&to=`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("UI_WHO_USED_WHAT"));
    let asked = visit.asked();
    let (from, to) = period(asked.get("from"), asked.get("to"), &today(&ui));
    let (uses, people) = futures::try_join!(uses(visit, &from, &to), names::people(visit))?;
    let columns = vec![
        Column::text(&ui, "device", "UI_DEVICE").filtered(),
        Column::text(&ui, "person", "UI_PERSON").filtered(),
        Column::text(&ui, "start", "UI_FROM_TIME"),
        Column::text(&ui, "end", "UI_TO_TIME"),
        Column::text(&ui, "seat", "UI_SEAT").filtered(),
    ];
    let rows = uses.iter().enumerate().map(|(at, it)| row(&ui, at, it, &people)).collect();
    let table = Table::new(&ui, ("uses", "UI_WHO_USED_WHAT", "UI_NO_USES"), &asked, columns, rows);
    let above = ui.t("NAV_DEVICES");
    let ui = ui.below("/devices", above);
    let mut list = List::new(ui, table);
    list.days = vec![("from", list.ui.t("UI_FIRST_DAY"), from), ("to", list.ui.t("UI_LAST_DAY"), to)];
    Ok(list)
}

fn row(ui: &Ui, at: usize, it: &DeviceUse, people: &names::Names) -> Row {
    let when = |at: Option<&prost_types::Timestamp>| {
        Cell::when(ui.moment(at), at.and_then(instant).map_or(0, |at| at.as_second()))
    };
    Row {
        id: at.to_string(),
        href: String::new(),
        cells: vec![
            Cell::code(&it.device),
            Cell::text(people.said(&it.person_id)).to(format!("/people/{}", it.person_id)),
            when(it.start.as_ref()),
            when(it.end.as_ref()),
            Cell::text(&it.seat),
        ],
    }
}

/// The days that are asked for, or the last ones; backwards ones are turned.
fn period(from: &str, to: &str, today: &str) -> (String, String) {
    let to = to.parse::<Date>().or_else(|_| today.parse()).unwrap_or_default();
    let from = from.parse().or_else(|_| to.checked_sub(DAYS.days())).unwrap_or(to);
    (from.min(to).to_string(), to.max(from).to_string())
}

async fn uses(visit: &Visit, from: &str, to: &str) -> Result<Vec<DeviceUse>> {
    let period = Some(Period { from: from.to_owned(), to: to.to_owned() });
    let ask = ListDeviceUsesRequest { period, ..Default::default() };
    let mut client = DeviceServiceClient::new(visit.channel("attendance")?);
    let parts: Vec<_> =
        told(client.list_device_uses(visit.request(ask))).await?.try_collect().await.map_err(error_from)?;
    Ok(parts.into_iter().flat_map(|part| part.uses).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_shown_and_days_that_stand_backwards_are_turned() {
        let of = |from, to| period(from, to, "2026-03-31");
        assert_eq!(of("", ""), ("2026-03-25".to_owned(), "2026-03-31".to_owned()));
        assert_eq!(of("2026-03-20", "2026-03-10"), ("2026-03-10".to_owned(), "2026-03-20".to_owned()));
        assert_eq!(of("soon", "2026-03-10").0, "2026-03-04");
    }
}
