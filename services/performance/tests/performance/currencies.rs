//! Amounts in several currencies: converted by the rate of their day, told with it, and refused by name where none is known.

use tally_api::attendance::v1::DutyRule;
use tally_api::identity::v1 as idn;
use tally_api::performance::v1 as pb;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Fixture, PeerFacts, cycle, record};

/// The 2nd and, by the clock of the account, the 5th of March.
const SECOND: &str = "2026-03-02T01:00:00Z";
const FIFTH: &str = "2026-03-04T16:30:00Z";

pub fn rate(base: &str, rate: &str, from: &str) -> idn::Rate {
    idn::Rate {
        base: base.into(),
        quote: "CNY".into(),
        rate: rate.into(),
        valid_from: from.into(),
        source: "HKMA".into(),
        ..Default::default()
    }
}

pub fn paid(id: &str, start: &str, minor: i64, currency: &str) -> pb::Record {
    pb::Record { amount_minor: Some(minor), currency: currency.into(), ..record(id, start) }
}

fn refund(id: &str, of: &str, minor: i64, currency: &str) -> pb::Record {
    pb::Record { refers_to: of.into(), ..paid(id, "2026-03-20T01:00:00Z", minor, currency) }
}

/// Half of the score is sales.
pub fn selling(currency: &str) -> pb::Scheme {
    let scheme = crate::fixture::scheme();
    let sales = pb::Kpi {
        measure: "amount".into(),
        key: "amount".into(),
        target: "100".into(),
        weight: "50".into(),
        ..scheme.kpis[2].clone()
    };
    let records = pb::Kpi { weight: "50".into(), ..scheme.kpis[0].clone() };
    let name = format!("sales {currency}");
    pb::Scheme { name, kpis: vec![records, sales], currency: currency.into(), ..scheme }
}

async fn working(on: Backend, rates: Vec<idn::Rate>) -> Fixture {
    let mut told = PeerFacts::of(1, 1);
    told.rates = rates;
    told.on_duty(1, 1, DutyRule::Roster, "2026-03-01T00:00:00Z", "2026-03-07T00:00:00Z");
    Fixture::working(on, told).await
}

impl Fixture {
    /// What the only card of a closed cycle says of sales.
    async fn sold(&self, cycle: &pb::Cycle) -> String {
        assert_eq!(cycle.state(), pb::CycleState::Reviewable, "{}", cycle.failure);
        let ask = pb::ListCardsRequest { cycle_id: cycle.cycle_id.clone(), ..Default::default() };
        let cards = self.cards().list_cards(self.admin.request(ask)).await.unwrap().into_inner().cards;
        assert_eq!(cards.len(), 1);
        cards[0].lines.iter().find(|line| line.kpi == "amount").unwrap().value.clone()
    }

    /// What is told of conversions.
    async fn conversions(&self, cycle: &pb::Cycle) -> Vec<String> {
        let ask = pb::ListFindingsRequest { cycle_id: cycle.cycle_id.clone(), ..Default::default() };
        let found = self.attribution().list_findings(self.admin.request(ask)).await.unwrap().into_inner().findings;
        found.into_iter().filter(|found| found.kind == "AMOUNTS_CONVERTED").map(|found| found.detail).collect()
    }

    /// What ListCycleChanges tells of rates.
    pub async fn rates_changed(&self, id: &str) -> Vec<String> {
        let ask = pb::ListCycleChangesRequest { cycle_id: id.into(), ..Default::default() };
        let told = self.changes().list_cycle_changes(self.admin.request(ask)).await.unwrap().into_inner();
        let pair = |of: pb::RateChange| format!("{}/{} {} {}", of.from_currency, of.to_currency, of.from, of.to);
        told.rates.into_iter().map(pair).collect()
    }

    async fn of_scheme(&self, scheme: pb::Scheme) -> String {
        let scheme = self.scheme(scheme).await;
        self.make(cycle(&scheme)).await.unwrap()
    }
}

on_both!(
    a_missing_rate_is_named_with_its_pair_and_day_and_once_it_is_set_the_same_close_works,
    flavor = "multi_thread"
);
async fn a_missing_rate_is_named_with_its_pair_and_day_and_once_it_is_set_the_same_close_works(on: Backend) {
    let fixture = working(on, vec![rate("HKD", "0.9", "2026-03-05")]).await;
    let rows = vec![paid("a", SECOND, 10_001, "HKD"), paid("b", FIFTH, 1_000, "HKD"), paid("c", SECOND, 500, "")];
    fixture.import(1, rows).await;
    let id = fixture.of_scheme(selling("")).await;
    let failed = fixture.close(&id).await;
    assert_eq!((failed.state(), failed.failure_reason.as_str()), (pb::CycleState::Failed, "RECORD_RATE_MISSING"));
    for word in ["HKD", "CNY", "2026-03-02", "JD/shop/a0001", "SetRates"] {
        assert!(failed.failure.contains(word), "{word}: {}", failed.failure);
    }
    fixture.tell(|told| told.rates.insert(0, rate("HKD", "0.925", "2026-02-01")));
    let closed = fixture.close(&id).await;
    // 100.01 HKD are 92.50925 yuan, which is 92.51; 10 HKD on the 5th by the account's clock are 9.
    assert_eq!(fixture.sold(&closed).await, "106.51");
    let told = fixture.conversions(&closed).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let by = "1 HKD = 0.925 CNY (2026-02-01, HKMA); 1 HKD = 0.9 CNY (2026-03-05, HKMA)";
    assert!(
        told[0].starts_with("amounts of 2 records were converted from HKD to CNY") && told[0].ends_with(by),
        "{told:?}"
    );
}

on_both!(a_refund_is_converted_at_the_day_of_the_sale_and_with_it, flavor = "multi_thread");
async fn a_refund_is_converted_at_the_day_of_the_sale_and_with_it(on: Backend) {
    let fixture = working(on, vec![rate("HKD", "0.5", "2026-03-01"), rate("HKD", "2", "2026-03-10")]).await;
    let sale = vec![paid("a", SECOND, 10_000, "HKD"), paid("b", SECOND, 10_000, "HKD")];
    fixture.import(1, sale).await;
    // Each half of a fen would round to none: they are added up before.
    let back = vec![refund("a1", "a", -1, "HKD"), refund("a2", "a", -1, "HKD"), refund("b1", "b", -1_000, "")];
    assert_eq!(fixture.import(1, back).await.problems.len(), 0);
    let id = fixture.of_scheme(selling("")).await;
    let closed = fixture.close(&id).await;
    assert_eq!(
        fixture.sold(&closed).await,
        "89.99",
        "100 less 0.02 HKD at one half, and 100 HKD at one half less 10 yuan"
    );
}

on_both!(
    cycles_of_one_run_reckon_with_the_rates_of_the_run_each_in_the_currency_of_its_scheme,
    flavor = "multi_thread"
);
async fn cycles_of_one_run_reckon_with_the_rates_of_the_run_each_in_the_currency_of_its_scheme(on: Backend) {
    let fixture = working(on, vec![rate("HKD", "0.8", "2026-03-01"), rate("USD", "7", "2026-03-01")]).await;
    let rows = vec![paid("a", SECOND, 10_000, "HKD"), paid("b", FIFTH, 800, ""), paid("c", FIFTH, 800, "HKD")];
    fixture.import(1, rows).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    let cycle_of = async |currency: &str| fixture.of_scheme(selling(currency)).await;
    let (yuan, said, dollar) = (cycle_of("").await, cycle_of("CNY").await, cycle_of("HKD").await);
    let in_yuan = fixture.close_from(&yuan, &run).await;
    assert_eq!(fixture.sold(&in_yuan).await, "94.4", "80 and 8 and 6.4");
    assert!(fixture.conversions(&in_yuan).await[0].contains("of 2 records were converted from HKD to CNY"));
    let in_said = fixture.close_from(&said, &run).await;
    assert_eq!(fixture.sold(&in_said).await, "94.4", "the group's own currency may be said");
    let in_dollars = fixture.close_from(&dollar, &run).await;
    assert_eq!(fixture.sold(&in_dollars).await, "118", "100 and 10 and 8");
    let told = fixture.conversions(&in_dollars).await;
    assert!(told.len() == 1 && told[0].contains("of 1 record were converted from CNY to HKD"), "{told:?}");
    // What is set afterwards counts for what is attributed afterwards.
    fixture.tell(|told| told.rates = vec![rate("HKD", "0.4", "2026-03-01")]);
    let again = fixture.close_from(&yuan, &run).await;
    assert_eq!(again.summary.unwrap().digest, in_yuan.summary.unwrap().digest, "replayed with what the run kept");
    let anew = fixture.close(&yuan).await;
    assert_eq!(fixture.sold(&anew).await, "51.2", "40 and 8 and 3.2");
    let missing = fixture.of_scheme(selling("EUR")).await;
    let failed = fixture.close_from(&missing, &run).await;
    assert_eq!(failed.failure_reason, "RECORD_RATE_MISSING");
    assert!(failed.failure.contains("EUR"), "{}", failed.failure);
}

on_both!(a_rate_put_right_after_closing_is_among_the_changes_where_it_counts_and_only_there, flavor = "multi_thread");
async fn a_rate_put_right_after_closing_is_among_the_changes_where_it_counts_and_only_there(on: Backend) {
    let known =
        || vec![rate("HKD", "0.8", "2026-02-01"), rate("HKD", "0.9", "2026-03-05"), rate("USD", "7", "2026-03-01")];
    let fixture = working(on, known()).await;
    let rows = vec![paid("a", SECOND, 10_000, "HKD"), paid("b", FIFTH, 800, "HKD"), paid("c", FIFTH, 800, "")];
    fixture.import(1, rows).await;
    let (sales, none) = (fixture.of_scheme(selling("")).await, fixture.of_scheme(crate::fixture::scheme()).await);
    let before = fixture.sold(&fixture.close(&sales).await).await;
    fixture.close(&none).await;
    let changed = async |id: &str| fixture.rates_changed(id).await;
    assert!(changed(&sales).await.is_empty());
    // Of a currency in which nothing was sold, of days before the first sale, and the same rate said again.
    let more = [rate("USD", "7.5", "2026-03-02"), rate("HKD", "0.7", "2026-03-01"), rate("HKD", "0.8", "2026-03-02")];
    fixture.tell(|told| told.rates = [known(), more.to_vec()].concat());
    assert!(changed(&sales).await.is_empty(), "nothing would be converted otherwise");
    let right = || rate("HKD", "0.75", "2026-03-04");
    fixture.tell(|told| told.rates = [known(), more.to_vec(), vec![right()]].concat());
    assert!(changed(&sales).await.is_empty(), "nothing was sold on the 4th, and from the 5th on another one counts");
    fixture.tell(|told| told.rates = [known(), more.to_vec(), vec![rate("HKD", "0.75", "2026-03-02")]].concat());
    assert_eq!(changed(&sales).await, ["HKD/CNY 2026-03-02 2026-03-02"]);
    fixture
        .tell(|told| told.rates = [known(), more.to_vec(), vec![right(), rate("HKD", "0.95", "2026-03-05")]].concat());
    assert_eq!(changed(&sales).await, ["HKD/CNY 2026-03-05 2026-03-05"]);
    assert!(changed(&none).await.is_empty(), "it does not compute with sales");
    let after = fixture.sold(&fixture.close(&sales).await).await;
    assert_eq!((before.as_str(), after.as_str()), ("95.2", "95.6"));
    assert!(changed(&sales).await.is_empty());
}

on_both!(no_order_changes_a_result_and_rates_change_nothing_where_nothing_is_converted, flavor = "multi_thread");
async fn no_order_changes_a_result_and_rates_change_nothing_where_nothing_is_converted(on: Backend) {
    let rows = |currency: &'static str| {
        let at = |n: i64| format!("2026-03-0{}T0{}:00:00Z", 1 + n % 6, n % 7);
        (0..12).map(move |n| paid(&format!("r{n}"), &at(n), 101 + 7 * n, if n % 3 == 0 { "" } else { currency }))
    };
    let mut digests = Vec::new();
    for (turned, currency, rates) in [(false, "HKD", true), (true, "HKD", true), (false, "", true), (true, "", false)] {
        let known = vec![rate("HKD", "0.9123", "2026-03-01"), rate("HKD", "0.9124", "2026-03-04")];
        let fixture = working(on, if rates { known } else { Vec::new() }).await;
        let mut rows: Vec<_> = rows(currency).collect();
        if turned {
            rows.reverse();
        }
        for row in rows {
            fixture.import(1, vec![row]).await;
        }
        let id = fixture.of_scheme(selling("")).await;
        digests.push(fixture.close(&id).await.summary.unwrap().digest);
    }
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[2], digests[3]);
    assert_ne!(digests[0], digests[2]);
}

on_both!(more_than_is_computed_with_and_an_unknown_currency_are_refused_by_name, flavor = "multi_thread");
async fn more_than_is_computed_with_and_an_unknown_currency_are_refused_by_name(on: Backend) {
    let fixture = working(on, vec![rate("KWD", "24.5", "2026-03-01")]).await;
    fixture.import(1, vec![paid("huge", SECOND, 1_000_000_000_000, "KWD")]).await;
    let id = fixture.of_scheme(selling("")).await;
    let failed = fixture.close(&id).await;
    assert_eq!((failed.state(), failed.failure_reason.as_str()), (pb::CycleState::Failed, "RECORD_AMOUNT_TOO_LARGE"));
    assert!(failed.failure.contains("huge") && failed.failure.contains("CNY"), "{}", failed.failure);
    let ask = pb::CreateSchemeVersionRequest { scheme: Some(selling("XAG")), ..Default::default() };
    let refused = fixture.schemes().create_scheme_version(fixture.admin.request(ask)).await.unwrap_err();
    let error = tally_rpc::error_from(refused);
    assert_eq!(error.violations()[0].field, "scheme.currency");
    // Nobody computes with sales: they are left out, and the month closes.
    let id = fixture.march().await;
    assert_eq!(fixture.close(&id).await.state(), pb::CycleState::Reviewable);
}

on_both!(who_came_back_is_counted_without_rates_of_the_days_before, flavor = "multi_thread");
async fn who_came_back_is_counted_without_rates_of_the_days_before(on: Backend) {
    let usd = idn::Rate { base: "USD".into(), ..rate("USD", "7", "2026-03-01") };
    let fixture = working(on, vec![usd]).await;
    fixture.import(1, vec![paid("before", "2026-02-27T01:00:00Z", 700, ""), paid("a", SECOND, 1_400, "")]).await;
    let count = pb::RecordMeasure { aggregation: pb::RecordAggregation::Count.into(), ..Default::default() };
    let again = pb::RepeatMeasure { of: "chats".into(), after: String::new(), within_days: 7 };
    let define = |name: &str, of| pb::MeasureDefinition {
        name: name.into(),
        direction: pb::Direction::Higher.into(),
        of: Some(of),
        ..Default::default()
    };
    let mut scheme = selling("USD");
    scheme.measures = vec![
        define("chats", pb::measure_definition::Of::Record(count)),
        define("again", pb::measure_definition::Of::Repeat(again)),
    ];
    scheme.kpis[0].measure = "again".into();
    let closed = fixture.close(&fixture.of_scheme(scheme).await).await;
    assert_eq!(fixture.sold(&closed).await, "2", "14.00 at 7");
}
