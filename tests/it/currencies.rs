//! A branch that reckons in another currency than its records are in, with the rates that identity keeps.

use tally_api::common::v1 as common;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_suite::session::Session;

use crate::rooms::access::somebody_on;
use crate::year::group::{Group, at};

const SOUTH: usize = 1;

/// What somebody sold of, in minor units of a currency.
fn sold(id: &str, agent: &str, minor: i64, currency: &str) -> performance::Record {
    performance::Record {
        external_id: id.into(),
        started_at: at(1, 5, 10),
        ended_at: at(1, 5, 11),
        agent: agent.into(),
        rating_milli: Some(5_000),
        amount_minor: Some(minor),
        currency: currency.into(),
        ..Default::default()
    }
}

/// Says what one unit of a currency is worth in dollars from the first of January on: how many rows were written, and why not.
async fn rate(group: &Group, base: &str, rate: &str) -> (u32, Vec<String>) {
    let hr = &group.home.crew.hr;
    let row = identity::RateRow {
        base: base.into(),
        quote: "USD".into(),
        rate: rate.into(),
        valid_from: "2026-01-01".into(),
        source: "the bank's fixing".into(),
    };
    let mut client = identity::rate_service_client::RateServiceClient::new(hr.at.identity.clone());
    let ask = identity::SetRatesRequest { rows: vec![row], ..Default::default() };
    let result = client.set_rates(hr.ask(ask)).await.expect("an answer").into_inner().result.expect("a result");
    (result.written, result.problems.into_iter().map(|problem| problem.reason).collect())
}

/// The scheme of the branch, in dollars: a cycle by it, for January.
async fn cycle(group: &Group, hr: &Session) -> String {
    let scheme = performance::Scheme {
        name: "in dollars".into(),
        unit_id: group.units[SOUTH].clone(),
        currency: "USD".into(),
        ..group.scheme.clone()
    };
    let mut schemes = performance::scheme_service_client::SchemeServiceClient::new(hr.at.performance.clone());
    let ask = performance::CreateSchemeVersionRequest { scheme: Some(scheme), ..Default::default() };
    let scheme = schemes.create_scheme_version(hr.ask(ask)).await.expect("a scheme").into_inner().scheme;
    let scheme = scheme.expect("a scheme");
    let cycle = performance::Cycle {
        name: "January in dollars".into(),
        period: Some(common::Period { from: "2026-01-01".into(), to: "2026-01-31".into() }),
        scheme_id: scheme.scheme_id,
        scheme_version: scheme.version,
        policy: Some(group.policy.clone()),
        unit_id: group.units[SOUTH].clone(),
        ..Default::default()
    };
    let ask = performance::CreateCycleRequest { cycle: Some(cycle), ..Default::default() };
    let mut cycles = CycleServiceClient::new(hr.at.performance.clone());
    cycles.create_cycle(hr.ask(ask)).await.expect("a cycle").into_inner().cycle.expect("a cycle").cycle_id
}

async fn close(hr: &Session, cycle_id: &str, attribution_run_id: &str) -> performance::Cycle {
    let mut cycles = CycleServiceClient::new(hr.at.performance.clone());
    let (cycle_id, attribution_run_id) = (cycle_id.to_owned(), attribution_run_id.to_owned());
    let ask = performance::CloseCycleRequest { cycle_id: cycle_id.clone(), attribution_run_id, ..Default::default() };
    cycles.close_cycle(hr.ask(ask)).await.expect("closing");
    watched(hr, &cycle_id).await
}

/// A run about the branch's January that is done: its id.
async fn attributed(group: &Group, hr: &Session) -> String {
    let run = performance::AttributionRun {
        period: Some(common::Period { from: "2026-01-01".into(), to: "2026-01-31".into() }),
        policy: Some(group.policy.clone()),
        unit_id: group.units[SOUTH].clone(),
        ..Default::default()
    };
    let mut runs =
        performance::attribution_run_service_client::AttributionRunServiceClient::new(hr.at.performance.clone());
    let ask = performance::StartAttributionRunRequest { run: Some(run), ..Default::default() };
    let begun = runs.start_attribution_run(hr.ask(ask)).await.expect("a run").into_inner().run.expect("a run");
    let attribution_run_id = begun.attribution_run_id;
    let ask = performance::WatchAttributionRunRequest { attribution_run_id: attribution_run_id.clone() };
    let mut states = runs.watch_attribution_run(hr.ask(ask)).await.expect("watching").into_inner();
    while states.message().await.expect("the run as it stands").is_some() {}
    attribution_run_id
}

async fn watched(hr: &Session, cycle_id: &str) -> performance::Cycle {
    let mut cycles = CycleServiceClient::new(hr.at.performance.clone());
    let ask = performance::WatchCycleRequest { cycle_id: cycle_id.into() };
    let mut states = cycles.watch_cycle(hr.ask(ask)).await.expect("its progress").into_inner();
    let mut last = None;
    while let Some(state) = states.message().await.expect("its progress") {
        last = state.cycle;
    }
    last.expect("a cycle")
}

/// What the cards of a cycle say of sales, by person.
async fn sales(group: &Group, hr: &Session, closed: &performance::Cycle) -> Vec<(usize, String)> {
    assert_eq!(closed.state(), performance::CycleState::Reviewable, "{}", closed.failure);
    let mut cards = performance::card_service_client::CardServiceClient::new(hr.at.performance.clone());
    let ask = performance::ListCardsRequest { cycle_id: closed.cycle_id.clone(), ..Default::default() };
    let cards = cards.list_cards(hr.ask(ask)).await.expect("cards").into_inner().cards;
    let value = |card: &performance::Card| {
        let line = card.lines.iter().find(|line| line.kpi == "amount").expect("sales");
        (group.number(&card.person_id), line.value.clone())
    };
    let mut told: Vec<_> = cards.iter().map(value).collect();
    told.sort();
    told
}

fn dollars(of: [(usize, &str); 2]) -> Vec<(usize, String)> {
    of.map(|(n, value)| (n, value.to_owned())).to_vec()
}

async fn bring_in(group: &Group) {
    group.send(SOUTH, vec![sold("a", "1003", 70_000, ""), sold("b", "1004", 1_000, "JPY")]).await;
    // Of a branch that nobody asked, in a currency of which nobody knows a rate.
    group.send(0, vec![sold("a", "1000", 5_000, "EUR")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_reckons_in_its_own_currency_by_the_rates_that_identity_kept_when_its_run_began() {
    let mut group = Group::begin().await;
    group.month_ends(1).await;
    bring_in(&group).await;
    let place = (identity::ScopeKind::Subtree, group.units[SOUTH].as_str());
    let hr = somebody_on(&group.home.crew.admin, "south-hr", "branch_hr", place).await;
    assert_eq!(rate(&group, "CNY", "0.14").await, (1, vec![]));
    assert_eq!(rate(&group, "JPY", "0").await, (0, vec!["ROW_INVALID".to_owned()]), "a rate is above 0");

    let cycle_id = cycle(&group, &hr).await;
    let failed = close(&hr, &cycle_id, "").await;
    let why = (failed.state(), failed.failure_reason.as_str());
    assert_eq!(why, (performance::CycleState::Failed, "RECORD_RATE_MISSING"), "{}", failed.failure);
    for word in ["JPY", "USD", "2026-01-05", "SetRates"] {
        assert!(failed.failure.contains(word), "{word}: {}", failed.failure);
    }
    assert_eq!(rate(&group, "JPY", "0.0064").await, (1, vec![]));
    let run_id = attributed(&group, &hr).await;
    let closed = close(&hr, &cycle_id, &run_id).await;
    let first = dollars([(3, "98"), (4, "6.4")]);
    assert_eq!(sales(&group, &hr, &closed).await, first, "700 yuan at 0.14, 1,000 yen at 0.0064");

    // The rate is put right: what the run kept stays, and a run that begins now asks anew.
    group.home.clock.advance("1m".parse().expect("a minute"));
    assert_eq!(rate(&group, "CNY", "0.15").await, (1, vec![]));
    let again = close(&hr, &cycle_id, &run_id).await;
    assert_eq!(sales(&group, &hr, &again).await, first);
    let mut cycles = CycleServiceClient::new(hr.at.performance.clone());
    let ask = performance::PublishCycleRequest { cycle_id: cycle_id.clone(), ..Default::default() };
    cycles.publish_cycle(hr.ask(ask)).await.expect("published");
    let ask = performance::CorrectCycleRequest { cycle_id, reason: "a wrong rate".into(), ..Default::default() };
    let begun = cycles.correct_cycle(hr.ask(ask)).await.expect("a correction").into_inner().cycle;
    let corrected = watched(&hr, &begun.expect("a correction").cycle_id).await;
    assert_eq!(sales(&group, &hr, &corrected).await, dollars([(3, "105"), (4, "6.4")]));
    group.end().await;
}
