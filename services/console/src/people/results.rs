//! The way from a person to what their work came to. Only addresses: to open a card is a read that is logged, so nobody's is opened here.

use tally_access::Permission;
use tally_api::identity::v1::{OrgUnit, Person};
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_api::performance::v1::{Cycle, CycleState, ListCyclesRequest};
use tally_kernel::Result;

use crate::names::{self, AT_ONCE};
use crate::ui::{Me, Ui};
use crate::visit::Visit;

/// Cards that are shown.
const NEWEST: usize = 6;

/// Cycles and the units that they are for; none where the reader may read nobody's card.
pub async fn cycles(visit: &Visit) -> Result<(Vec<Cycle>, Vec<OrgUnit>)> {
    let me = visit.me();
    if !me.may_others(Permission::CardRead) || !me.may(Permission::CycleRead) {
        return Ok(Default::default());
    }
    let client = CycleServiceClient::new(visit.channel("performance")?);
    let cycles = tally_rpc::pages(async |page_token| {
        let ask = ListCyclesRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_cycles(visit.request(ask)).await?.into_inner();
        Ok((page.cycles, page.next_page_token))
    });
    futures::try_join!(cycles, names::units(visit, "", None))
}

/// Where the reader finds a person's cards and statements: name and address.
pub fn ways(ui: &Ui, me: &Me, person: &Person, (cycles, units): (&[Cycle], &[OrgUnit])) -> Vec<(String, String)> {
    let mut found: Vec<_> = cycles.iter().filter(|it| may_have(it, units, person)).collect();
    found.sort_by(|a, b| first_day(b).cmp(first_day(a)));
    let card = |it: &Cycle| {
        let period = it.period.clone().unwrap_or_default();
        let days = ui.format.period(&period.from, &period.to);
        (format!("{} · {days}", it.name), format!("/cycles/{}/cards/{}", it.cycle_id, person.person_id))
    };
    let mut ways: Vec<_> = found.into_iter().take(NEWEST).map(card).collect();
    if me.may_others(Permission::StatementReadPay) && !person.employee_no.is_empty() {
        ways.push((ui.t("NAV_PAY"), format!("/pay/statements?q={}", person.employee_no)));
    }
    ways
}

fn first_day(cycle: &Cycle) -> &str {
    cycle.period.as_ref().map_or("", |period| period.from.as_str())
}

/// Whether a cycle has been scored and is for where the person was employed in it.
fn may_have(cycle: &Cycle, units: &[OrgUnit], person: &Person) -> bool {
    let Some(period) = &cycle.period else { return false };
    let path = units.iter().find(|unit| unit.unit_id == cycle.unit_id).map_or("", |unit| unit.path.as_str());
    let below = |unit: &str| {
        path.is_empty() || unit.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let was_there = person
        .employments
        .iter()
        .any(|it| it.from <= period.to && (it.to.is_empty() || it.to >= period.from) && below(&it.unit_path));
    was_there && matches!(cycle.state(), CycleState::Reviewable | CycleState::Published)
}

#[cfg(test)]
mod tests {
    use tally_api::common::v1::Period;
    use tally_api::identity::v1::Employment;

    use super::*;

    fn cycle(unit_id: &str, state: CycleState) -> Cycle {
        let period = Some(Period { from: "2026-03-01".into(), to: "2026-03-31".into() });
        Cycle { unit_id: unit_id.into(), state: state.into(), period, ..Default::default() }
    }

    #[test]
    fn a_cycle_is_named_where_it_was_scored_and_is_for_where_the_person_was() {
        let unit = |id: &str, path: &str| OrgUnit { unit_id: id.into(), path: path.into(), ..Default::default() };
        let units = [unit("n", "North"), unit("nn", "Northern")];
        let employed = |from: &str, to: &str| Person {
            employments: vec![Employment {
                from: from.into(),
                to: to.into(),
                unit_path: "North/Team".into(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let now = employed("2026-03-15", "");
        assert!(may_have(&cycle("n", CycleState::Published), &units, &now));
        assert!(may_have(&cycle("", CycleState::Reviewable), &units, &now));
        assert!(!may_have(&cycle("nn", CycleState::Published), &units, &now));
        assert!(!may_have(&cycle("n", CycleState::Open), &units, &now));
        assert!(!may_have(&cycle("n", CycleState::Published), &units, &employed("2026-01-01", "2026-02-28")));
    }
}
