//! claims.csv.

use proptest::prelude::*;

use super::*;

const CLAIMS: &str = "account,at,employee_no,external_id,customer\n";
/// Of two accounts by the clock of Shanghai and one by that of Berlin.
const RECORDS: &str = "JD,星河旗舰店,kf01,R1,2026-03-02 09:00,2026-03-02 09:05,,,,,,\n\
    Tmall,银河专营店,kf01,R1,2026-03-02 11:00,2026-03-02 11:05,,,,,,\n\
    Vipshop,柏林店,berlin,B1,2026-03-29 01:30,2026-03-29 03:40,,,,,,\n";

fn month(rows: &str) -> TempDir {
    let dir = good();
    put(&dir, "records.csv", format!("{HEAD}{RECORDS}"));
    put(&dir, "claims.csv", format!("{CLAIMS}{rows}"));
    put(&dir, "group.yaml", "zone: Asia/Shanghai\n");
    dir
}

fn claimed(rows: &str) -> Reading {
    read(&month(rows))
}

/// Each claim as account, time, number, record and customer.
fn told(bundle: &Bundle) -> Vec<String> {
    let one = |claim: &Claim| {
        let (account, no) = (bundle.account_label(claim.account), &bundle.person(claim.person).employee_no);
        let named = [&claim.external_id, &claim.customer].map(|named| named.as_deref().unwrap_or("-"));
        format!("{account} {} {no} {}", claim.at, named.join(" "))
    };
    bundle.claims.iter().map(one).collect()
}

/// The rejected rows: line, column, code.
fn rejected(reading: &Reading) -> Vec<(u64, &str, &'static str)> {
    assert!(reading.rejected.iter().all(|row| row.file == "claims.csv" && !en(&row.cure).is_empty()));
    reading.rejected.iter().map(|row| (row.line, row.column.as_str(), row.code)).collect()
}

fn findings(reading: &Reading) -> Vec<(&'static str, u64)> {
    let of = reading.bundle.findings.iter().filter(|found| found.file == "claims.csv");
    of.map(|found| (found.kind.into(), found.count)).collect()
}

const GOOD: [&str; 6] = [
    "berlin,2026-03-02 09:00:30,1001,B1,\n",
    "JD/星河旗舰店/kf01,2026-03-02 09:01,1002,,\n",
    "JD/星河旗舰店/kf01,2026-03-02 09:00:00.5,1001,,小李子\n",
    "JD/星河旗舰店/kf01,2026-03-02T01:00:10Z,1001,never,\n",
    "Tmall/银河专营店/kf01,2026/3/31 23:59,1001,R1,\n",
    "berlin,2026-03-02 09:00:30,1001,B1,\n",
];

#[test]
fn claims_are_read_in_order_by_the_clock_of_the_account_and_equal_ones_once() {
    let reading = claimed(&GOOD.concat());
    assert_eq!(rejected(&reading), []);
    assert_eq!(
        told(&reading.bundle),
        [
            "JD/星河旗舰店/kf01 2026-03-02T01:00:00.5Z 1001 - 小李子",
            "JD/星河旗舰店/kf01 2026-03-02T01:00:10Z 1001 never -",
            "JD/星河旗舰店/kf01 2026-03-02T01:01:00Z 1002 - -",
            "Tmall/银河专营店/kf01 2026-03-31T15:59:00Z 1001 R1 -",
            "berlin 2026-03-02T08:00:30Z 1001 B1 -",
        ]
    );
    assert_eq!(findings(&reading), [("duplicate_row", 1)]);
}

#[test]
fn a_row_that_cannot_be_is_rejected_with_its_cure_and_the_others_are_taken() {
    let reading = claimed(
        "nowhere,2026-03-02 09:00,1001,,\nberlin,2026-03-02 09:00,9,,\nberlin,soon,1001,,\nberlin,,1001,,\n\
         berlin,2026-03-02 09:00,1001,B1,Ann\nberlin,2026-03-29 02:30,1001,B1,\nberlin,2026-03-02 09:00,1001,8.1E+17,\n\
         berlin,2026-03-02 09:00,1001,,\n",
    );
    let expected = [
        (2, "account", "ACCOUNT_UNKNOWN"),
        (3, "employee_no", "NOT_IN_PEOPLE"),
        (4, "at", "NO_TIME"),
        (5, "at", "IT_IS_EMPTY"),
        (6, "customer", "CLAIM_NAMES_BOTH"),
        (7, "at", "TIME_SKIPPED"),
        (8, "external_id", "SHORTENED_NUMBER"),
    ];
    assert_eq!(rejected(&reading), expected);
    assert_eq!(told(&reading.bundle), ["berlin 2026-03-02T08:00:00Z 1001 - -"]);
    // Half a claim is none: what is there of one is not needed.
    let dir = month("");
    put(&dir, "claims.csv", "account,at,employee_no\nberlin,2026-03-02 09:00,1001\n");
    assert_eq!(told(&read(&dir).bundle), ["berlin 2026-03-02T08:00:00Z 1001 - -"]);
    put(&dir, "claims.csv", "account,employee_no\nberlin,1001\n");
    assert_eq!(refused(&dir).reason, "MISSING_COLUMN");
    for empty in ["", CLAIMS] {
        put(&dir, "claims.csv", empty);
        assert_eq!(told(&read(&dir).bundle), [""; 0]);
    }
}

#[test]
fn what_was_not_claimed_in_the_period_is_left_out_and_told_by_the_date_of_the_account() {
    let kf01 = "JD/星河旗舰店/kf01";
    let rows = [
        format!("{kf01},2026-02-28 23:59:59,1001,R1,\n"),
        format!("{kf01},2026-03-01 00:00,1001,,\n"),
        "berlin,2026-03-31 23:59:59,1001,,\n".to_owned(),
        "berlin,2026-04-01 00:00,1002,B1,\n".to_owned(),
    ];
    let reading = claimed(&rows.concat());
    assert_eq!(rejected(&reading), []);
    let kept = [format!("{kf01} 2026-02-28T16:00:00Z 1001 - -"), "berlin 2026-03-31T21:59:59Z 1001 - -".to_owned()];
    assert_eq!(told(&reading.bundle), kept);
    assert_eq!(findings(&reading), [("outside_period", 2)]);
    let said = reading.bundle.findings.iter().find(|found| found.file == "claims.csv").map(|found| en(&found.detail));
    let expected = "2 claims were not made from 2026-03-01 to 2026-03-31 and were left out (such as JD/星河旗舰店/kf01 2026-02-28 \
                    23:59:59 1001)";
    assert_eq!(said.as_deref(), Some(expected));
}

#[test]
fn of_a_time_that_came_twice_the_first_is_taken_and_told() {
    let dir = month("berlin,2026-10-25 02:30,1001,,\nberlin,2026-10-25 02:30+01:00,1002,,\n");
    put(&dir, "records.csv", format!("{HEAD}{}", RECORDS.replace("2026-03", "2026-10")));
    let reading = read(&dir);
    assert_eq!(told(&reading.bundle), ["berlin 2026-10-25T00:30:00Z 1001 - -", "berlin 2026-10-25T01:30:00Z 1002 - -"]);
    assert_eq!(findings(&reading), [("hour_twice", 1)]);
}

#[test]
fn what_a_suite_refused_is_rejected() {
    let dir = month(&GOOD.concat());
    let mut refusals = Refusals::default();
    let at = "2026-03-02T08:00:30Z".parse().unwrap();
    let row = RowName::Claim("Vipshop/柏林店/berlin".into(), at, "1001".into());
    refusals.add(row, "CLAIM_WITHDRAWN", Message::told("it was withdrawn"), Message::told("take it out"));
    let options = Options { refused: Some(&refusals), ..Options::default() };
    let reading = read_bundle(dir.path(), options, &mut |_, _| {}).unwrap();
    assert_eq!(rejected(&reading), [(2, "", "CLAIM_WITHDRAWN"), (7, "", "CLAIM_WITHDRAWN")]);
    assert_eq!(reading.bundle.claims.len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn neither_the_order_of_rows_nor_writing_them_changes_anything(rows in Just(GOOD.to_vec()).prop_shuffle()) {
        let bundle = claimed(&rows.concat()).bundle;
        prop_assert_eq!(&bundle, &claimed(&GOOD.concat()).bundle);
        let out = TempDir::new().unwrap();
        write_normalised(&bundle, out.path(), Locale::En).unwrap();
        let again = read(&out);
        prop_assert_eq!(&again.rejected, &[]);
        prop_assert_eq!(&again.bundle.claims, &bundle.claims);
    }
}
