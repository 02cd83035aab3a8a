//! The explanations that there are, from the whole to the single record: per cycle its cards, its settlements and their statements.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use http::Response;
use tally_access::Permission;
use tally_api::compensation::v1::{Settlement, SettlementState};
use tally_api::performance::v1::{Cycle, CycleState};
use tally_kernel::{Result, msg};

use crate::pay::{names, shared};
use crate::ui::Ui;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "audit/exports.html")]
struct Exports {
    ui: Ui,
    months: Vec<Month>,
}

/// A published cycle and what was settled of it.
struct Month {
    cycle_id: String,
    name: String,
    unit: String,
    /// Which correction it is, or empty.
    corrects: bool,
    settlements: Vec<Settled>,
}

struct Settled {
    id: String,
    name: String,
    state: (String, &'static str),
}

/// `GET /audit/exports`.
pub async fn exports(visit: Visit) -> Response<Body> {
    visit.page(shown(&visit).await)
}

async fn shown(visit: &Visit) -> Result<Exports> {
    shared::must(visit, Permission::AuditRead)?;
    let ui = visit.ui(&msg!("NAV_AUDIT_EXPORTS"));
    let settlements = async {
        if visit.me().may(Permission::SettlementRead) { shared::settlements(visit).await } else { Ok(Vec::new()) }
    };
    let (settlements, cycles, units) = tokio::try_join!(settlements, shared::cycles(visit), names::units(visit, ""))?;
    let month = |cycle: &Cycle| Month {
        cycle_id: cycle.cycle_id.clone(),
        name: shared::cycle_name(&ui, &cycles, &cycle.cycle_id),
        unit: shared::unit_name(&ui, &units, &cycle.unit_id),
        corrects: !cycle.corrects_id.is_empty(),
        settlements: settled(&settlements, &cycle.cycle_id).map(|it| told(&ui, it, &units)).collect(),
    };
    // Ids begin with their time: the newest first.
    let published = cycles.values().rev().filter(|cycle| cycle.state() == CycleState::Published);
    let months = published.map(month).collect();
    Ok(Exports { ui, months })
}

fn settled<'s>(all: &'s [Settlement], cycle_id: &'s str) -> impl Iterator<Item = &'s Settlement> {
    all.iter().filter(move |it| it.cycle_id == cycle_id && it.state() != SettlementState::Discarded)
}

fn told(ui: &Ui, it: &Settlement, units: &BTreeMap<String, String>) -> Settled {
    Settled {
        id: it.settlement_id.clone(),
        name: shared::unit_name(ui, units, &it.unit_id),
        state: (ui.word(it.state().as_str_name()), shared::tone(it.state())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_thrown_away_explains_nothing() {
        let of = |id: &str, cycle: &str, state: SettlementState| Settlement {
            settlement_id: id.to_owned(),
            cycle_id: cycle.to_owned(),
            state: state.into(),
            ..Default::default()
        };
        let all = [
            of("a", "c", SettlementState::Posted),
            of("b", "c", SettlementState::Discarded),
            of("d", "e", SettlementState::Draft),
        ];
        assert_eq!(settled(&all, "c").map(|it| it.settlement_id.as_str()).collect::<Vec<_>>(), ["a"]);
    }
}
