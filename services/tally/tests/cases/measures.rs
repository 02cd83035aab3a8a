//! Measures that a scheme defines: docs/measures.md as it stands, with right values by hand.

use crate::case::{Case, RECORDS};

const DOCS: &str = include_str!("../../../../docs/measures.md");

/// Of both people: kind, beginning, customer, seconds until the first reply, amount.
const ROWS: [(&str, &str, &str, &str, &str, &str); 8] = [
    ("1001", "presale", "03-02 09:00", "x", "60", "150"),
    ("1001", "presale", "03-02 10:00", "y", "61", ""),
    ("1001", "presale", "03-02 08:59", "y", "500", "0"),
    ("1001", "aftersale", "03-03 10:00", "x", "500", "250.50"),
    ("1001", "presale", "03-04 21:59", "z", "3", ""),
    ("1002", "presale", "03-05 09:00", "v", "10", "80"),
    ("1002", "presale", "03-05 10:00", "w", "10", "20"),
    ("1002", "aftersale", "03-05 22:00", "", "900", ""),
];

fn records(amounts: bool) -> String {
    let row = |(n, (agent, kind, at, customer, reply, amount)): (usize, &(&str, &str, &str, &str, &str, &str))| {
        let amount = if amounts { amount } else { "" };
        format!("Mart,One,mart-a,T{n},2026-{at},2026-{at},{agent},{kind},{reply},,,{amount},{customer}\n")
    };
    RECORDS.replace("amount", "amount,customer") + &ROWS.iter().enumerate().map(row).collect::<String>()
}

fn scheme() -> &'static str {
    DOCS.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example")
}

#[test]
fn the_documented_scheme_measures_what_a_pocket_calculator_says() {
    let case = Case::new(&[("records.csv", &records(true)), ("scheme.yaml", scheme())], &[]);
    assert_eq!(case.close(), 0);
    let table = case.table("score_cards.csv");
    let column = |name: &str| table[0].iter().position(|cell| cell == name).expect("a column");
    let values = |person: &str| {
        let mine = table[1..].iter().filter(|row| row[0] == person && !row[column("kpi")].is_empty());
        mine.map(|row| format!("{} {}", row[column("kpi")], row[column("value")])).collect::<Vec<_>>()
    };
    // Two of three presale records in the hours; x of x, y and z bought; 400.50 over two orders, of which x's second is a repetition.
    let expected = ["prompt 66.666667", "conversion 33.333333", "order_value 200.25", "again 50"];
    assert_eq!(values("1001"), expected, "{}", case.result("score_cards.csv"));
    assert_eq!(values("1002"), ["prompt 100", "conversion 100", "order_value 50", "again 0"]);
    let cards = case.result("score_cards.csv");
    let told = "prompt (the percentage of records with the seconds until the first reply at most 60, of the kind presale, begun \
                from 09:00 to 22:00): 66.666667 % on 3 records";
    assert!(cards.contains(told), "{cards}");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn a_measure_that_nobody_sends_is_dropped_and_named_with_how_to_send_it() {
    let case = Case::new(&[("records.csv", &records(false)), ("scheme.yaml", scheme())], &[]);
    assert_eq!(case.close(), 0);
    let cards = case.result("score_cards.csv");
    assert!(cards.contains("order_value (amount / orders): nobody has data in the period"), "{cards}");
    let findings = case.result("findings.csv");
    let told = "nobody has data of \"\"orders\"\", so that its indicator counts for nobody: send amount with the service records";
    assert!(findings.contains("MEASURE_NOT_SENT,orders") && findings.contains(told), "{findings}");
    assert!(!findings.contains("customers"), "that is sent: {findings}");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn a_measure_that_is_not_defined_is_refused_by_its_place() {
    let wrong = scheme().replace("of: buyers, per: customers", "of: buyers, per: clients");
    let case = Case::new(&[("records.csv", &records(true)), ("scheme.yaml", &wrong)], &[]);
    let out = case.bundle().with_file_name("result");
    let refused = case.run(&["close", crate::case::text(&case.bundle()), "--out", crate::case::text(&out)]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("measures[5].of \"clients\" is neither defined"), "{said}");
}

#[test]
fn an_amount_in_another_currency_is_named_with_what_to_do_where_no_rates_are_known() {
    let rows = records(true);
    let with = |(n, line): (usize, &str)| match n {
        0 => format!("{line},currency\n"),
        1 => format!("{line},USD\n"),
        _ => format!("{line},\n"),
    };
    let rows: String = rows.lines().enumerate().map(with).collect();
    let case = Case::new(&[("records.csv", &rows), ("scheme.yaml", scheme())], &[]);
    let out = case.bundle().with_file_name("result");
    let refused = case.run(&["close", crate::case::text(&case.bundle()), "--out", crate::case::text(&out)]);
    assert!(!refused.status.success());
    let told = String::from_utf8_lossy(&refused.stderr);
    for word in ["USD", "2026-03-02", "with its source, into rates.csv"] {
        assert!(told.contains(word), "{word}: {told}");
    }
}

#[test]
fn amounts_in_several_currencies_are_converted_by_the_rates_of_the_bundle_and_replay() {
    let head = RECORDS.replace("amount", "amount,currency,refers_to");
    let rows = "Mart,One,mart-a,A,2026-03-02 09:00,2026-03-02 09:00,1001,chat,,,,100,,\n\
        Mart,One,mart-a,B,2026-03-20 09:00,2026-03-20 09:00,1001,chat,,,,1000,JPY,\n\
        Mart,One,mart-a,B1,2026-04-02 09:00,2026-04-02 09:00,1001,chat,,,,-500,JPY,B\n\
        Mart,One,mart-a,C,2026-03-03 09:00,2026-03-03 09:00,1002,chat,,,,10,,\n\
        Mart,One,mart-a,C1,2026-03-04 09:00,2026-03-04 09:00,1002,chat,,,,-12.50,,C\n";
    let sales = "kpis: [{id: sales, measure: sum, of: amount, target: 100, weight: 100}]\n";
    let rates = "date,from,to,rate,source\n2026-03-01,JPY,CNY,0.05,central bank\n2026-03-16,CNY,JPY,25,central bank\n\
        2026-03-01,USD,CNY,8,bank\n2026-03-01,USD,JPY,150,bank\n";
    let closed = |scheme: &str| {
        let records = format!("{head}{rows}");
        let group = "currency: CNY\nperiod: {from: 2026-03-01, to: 2026-04-30}\n";
        let files =
            [("records.csv", records.as_str()), ("scheme.yaml", scheme), ("rates.csv", rates), ("group.yaml", group)];
        let case = Case::new(&files, &[]);
        assert_eq!(case.close(), 0);
        let table = case.table("score_cards.csv");
        let value = table[0].iter().position(|cell| cell == "value").expect("a column");
        let told: Vec<String> = table[1..].iter().map(|row| format!("{} {}", row[0], row[value])).collect();
        (case, told)
    };
    // 100 yuan, and 500 of 1000 yen at 25 yen a yuan, the newer rate turned over.
    let (case, told) = closed(sales);
    assert_eq!(told, ["1001 120", "1002 -2.5"]);
    let findings = case.result("findings.csv");
    for said in [
        "AMOUNTS_CONVERTED,Mart/One/mart-a",
        "amounts of 1 record were converted from JPY to CNY",
        "1 CNY = 25 JPY (2026-03-16, central bank)",
        "REFUND_EXCEEDS_SALE,Mart/One/mart-a",
        "more was paid back of one sale than it brought, and it counts below zero: C 10.00 CNY (C1 -12.50 CNY)",
    ] {
        assert!(findings.contains(said), "{said}: {findings}");
    }
    assert!(case.result("inputs/rates.csv").contains("2026-03-16,CNY,JPY,25,central bank"));
    assert!(case.replayed().contains("identical"), "{}", case.replayed());
    // In dollars: 100 / 8 and 500 / 150.
    let (case, told) = closed(&format!("currency: USD\n{sales}"));
    assert_eq!(told, ["1001 15.83", "1002 -0.31"]);
    assert!(case.result("score_cards.csv").contains("15.83 USD"), "{}", case.result("score_cards.csv"));
    assert!(case.replayed().contains("identical"));
}
