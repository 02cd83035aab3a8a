//! Rates of exchange over the rpcs.

use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, Reply, TestIdentity, answered};

fn row(base: &str, quote: &str, rate: &str, day: &str) -> pb::RateRow {
    let source = "the central bank's fixing".to_owned();
    pb::RateRow { base: base.into(), quote: quote.into(), rate: rate.into(), valid_from: day.into(), source }
}

async fn set(identity: &TestIdentity, by: &Login, ask: pb::SetRatesRequest) -> Reply<(u32, u32, Vec<String>)> {
    let reply = answered(identity.rates().set_rates(by.says(ask)).await)?;
    let result = reply.result.expect("a result");
    let problems = result.problems.into_iter().map(|problem| format!("{}: {}", problem.index, problem.message));
    Ok((result.written, result.unchanged, problems.collect()))
}

async fn list(identity: &TestIdentity, by: &Login, ask: pb::ListRatesRequest) -> Vec<(String, String, bool)> {
    let listed = answered(identity.rates().list_rates(by.says(ask)).await).unwrap().rates;
    listed.into_iter().map(|rate| (rate.valid_from, rate.rate, rate.superseded_at.is_some())).collect()
}

fn of(day: &str, rate: &str, superseded: bool) -> (String, String, bool) {
    (day.to_owned(), rate.to_owned(), superseded)
}

on_both!(a_rate_is_never_overwritten_and_what_was_known_before_can_be_read);
async fn a_rate_is_never_overwritten_and_what_was_known_before_can_be_read(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let hr = identity.login("hr", "").await;
    identity.grant(&hr, "group_hr", ScopeKind::Tenant, "").await;
    let rows = vec![row("USD", "CNY", "7.10", "2026-02-01"), row("USD", "CNY", "7.20", "2026-03-01")];
    let ask = pb::SetRatesRequest { request_id: "march".into(), rows };
    assert_eq!(set(&identity, &hr, ask.clone()).await.unwrap(), (2, 0, vec![]));
    let before = identity.now();
    identity.wait(60);
    assert_eq!(set(&identity, &hr, ask.clone()).await.unwrap(), (2, 0, vec![]), "the first result");
    let again = pb::SetRatesRequest { request_id: String::new(), ..ask };
    assert_eq!(set(&identity, &hr, again).await.unwrap(), (0, 2, vec![]));
    let rows = vec![row("USD", "CNY", "7.25", "2026-03-01")];
    assert_eq!(set(&identity, &hr, pb::SetRatesRequest { rows, ..Default::default() }).await.unwrap(), (1, 0, vec![]));

    let march = || pb::ListRatesRequest { from: "2026-03-01".into(), to: "2026-03-31".into(), ..Default::default() };
    assert_eq!(list(&identity, &hr, march()).await, [of("2026-03-01", "7.25", false)]);
    let then = pb::ListRatesRequest { known_at: Some(before), ..march() };
    assert_eq!(list(&identity, &hr, then.clone()).await, [of("2026-03-01", "7.2", true)]);
    let mut all = list(&identity, &hr, pb::ListRatesRequest { with_superseded: true, ..march() }).await;
    all.sort();
    assert_eq!(all, [of("2026-03-01", "7.2", true), of("2026-03-01", "7.25", false)]);
    let february = pb::ListRatesRequest { to: "2026-02-28".into(), currency: "USD".into(), ..Default::default() };
    assert_eq!(list(&identity, &hr, february).await, [of("2026-02-01", "7.1", false)]);
    let euro = pb::ListRatesRequest { currency: "EUR".into(), ..Default::default() };
    assert_eq!(list(&identity, &hr, euro).await, []);
    let both = pb::ListRatesRequest { with_superseded: true, ..then };
    let refused = answered(identity.rates().list_rates(hr.says(both)).await).unwrap_err();
    assert_eq!(refused.violations()[0].field, "with_superseded");
}

on_both!(each_unusable_rate_says_what_to_change_and_a_branch_reads_and_does_not_write);
async fn each_unusable_rate_says_what_to_change_and_a_branch_reads_and_does_not_write(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let (hr, branch) = (identity.login("hr", "").await, identity.login("branch", "").await);
    identity.grant(&hr, "group_hr", ScopeKind::Tenant, "").await;
    let north = identity.unit("North").await.unit_id;
    identity.grant(&branch, "compensation_specialist", ScopeKind::Subtree, &north).await;
    let rows = vec![
        row("USD", "CNY", "0", "2026-03-01"),
        row("USD", "CNY", "-7", "2026-03-01"),
        row("USD", "USD", "1", "2026-03-01"),
        row("usd", "CNY", "7", "March"),
        pb::RateRow { source: " ".into(), ..row("USD", "CNY", "7", "2026-03-01") },
        row("EUR", "CNY", "7.8", "2026-03-01"),
    ];
    let ask = pb::SetRatesRequest { rows, ..Default::default() };
    let nothing = set(&identity, &hr, pb::SetRatesRequest::default()).await.unwrap_err();
    assert_eq!((nothing.reason(), nothing.violations()[0].field.as_str()), ("INVALID_REQUEST", "rows"));
    let refused = set(&identity, &branch, ask.clone()).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::PermissionDenied);
    let (written, unchanged, problems) = set(&identity, &hr, ask).await.unwrap();
    assert_eq!((written, unchanged), (1, 0), "{problems:?}");
    let expected = [
        "0: rate: a rate is above 0",
        "1: rate: a rate is above 0",
        "2: quote: a currency is always worth itself",
        "3: base: \"usd\" is no active ISO 4217 code",
        "4: source: must not be empty",
    ];
    assert_eq!(problems.len(), expected.len());
    for (told, expected) in problems.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
    assert!(problems[3].contains("valid_from"), "all that is wrong at once: {}", problems[3]);
    assert_eq!(list(&identity, &branch, pb::ListRatesRequest::default()).await, [of("2026-03-01", "7.8", false)]);
}
