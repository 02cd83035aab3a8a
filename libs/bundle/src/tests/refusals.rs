//! A row that a suite refused is a rejected row of the reading that leaves it out, with all that depends on it.

use jiff::Timestamp;
use tally_kernel::limits;

use super::*;

const FILES: [(&str, &str); 5] = [
    (
        "records.csv",
        "platform,store,account,external_id,started_at,ended_at,agent\n\
         JD,星河旗舰店,kf01,R1,2026-03-02 09:00,2026-03-02 09:05,1001\n\
         JD,星河旗舰店,kf01,R2,2026-03-02 09:10,2026-03-02 09:15,fang\n\
         Vipshop,柏林店,berlin,R3,2026-03-02 09:00,2026-03-02 09:05,\n\
         Vipshop,柏林店,berlin,R4,2026-03-02 09:10,2026-03-02 09:15,2001\n\
         Vipshop,柏林店,berlin,R4,2026-03-02 09:10,2026-03-02 09:15,2001\n",
    ),
    (
        "rosters.csv",
        "employee_no,account,start,end\n1001,berlin,2026-03-02 09:00,2026-03-02 18:00\n\
         1002,berlin,2026-03-02 09:00,2026-03-02 18:00\n",
    ),
    ("punches.csv", "employee_no,at\n1002,2026-03-02 09:00\n1002,2026-03-02 12:00\n1002,2026-03-02 13:00\n"),
    ("handovers.csv", "account,employee_no,at,kind\nberlin,1001,2026-03-02 09:00,take\n"),
    ("aliases.csv", "platform,alias,employee_no,from,to\nJD,fang,1002,,\n"),
];

fn month() -> TempDir {
    let dir = good();
    FILES.iter().for_each(|(name, content)| put(&dir, name, content));
    put(&dir, "group.yaml", "punches: alternating\nzone: Asia/Shanghai\n");
    dir
}

fn without(dir: &TempDir, rows: &[RowName]) -> Result<Reading, Unusable> {
    let mut refused = Refusals::default();
    for row in rows {
        refused.add(row.clone(), "NOT_HERE", Message::told("the suite says no"), Message::told("ask it"));
    }
    read_bundle(dir.path(), Options { refused: Some(&refused), ..Options::default() }, &mut |_, _| {})
}

fn found(reading: &Reading) -> Vec<(&'static str, u64, &'static str)> {
    reading.rejected.iter().map(|row| (row.file, row.line, row.code)).collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_row_that_a_suite_refused_is_rejected_with_its_line_its_reason_and_its_cure() {
    let dir = month();
    let text = str::to_owned;
    let berlin = || text("Vipshop/柏林店/berlin");
    let nine = at("2026-03-02T09:00:00+08:00");
    let in_berlin = at("2026-03-02T09:00:00+01:00");
    for (row, file, lines) in [
        (RowName::Shift(text("1001"), berlin(), nine), "rosters.csv", &[2][..]),
        (RowName::Punch(text("1002"), nine), "punches.csv", &[2]),
        (RowName::Handover(berlin(), in_berlin, text("1001")), "handovers.csv", &[2]),
        (RowName::Record(berlin(), text("R3")), "records.csv", &[4]),
        (RowName::Record(berlin(), text("R4")), "records.csv", &[5, 6]),
    ] {
        let reading = without(&dir, &[row]).unwrap();
        assert_eq!(found(&reading), lines.iter().map(|line| (file, *line, "NOT_HERE")).collect::<Vec<_>>());
        let rejected = &reading.rejected[0];
        assert_eq!((en(&rejected.reason), en(&rejected.cure)), (text("the suite says no"), text("ask it")));
        assert_eq!(reading.rejected_rows[file], lines.len() as u64);
    }
    let elsewhere = [
        RowName::Shift(text("1001"), text("JD/星河旗舰店/kf01"), nine),
        RowName::Punch(text("1001"), nine),
        RowName::Handover(berlin(), nine, text("1001")),
        RowName::Record(text("JD/星河旗舰店/kf01"), text("R3")),
        RowName::Alias(text("JD"), text("fang"), Some(jiff::civil::date(2026, 3, 1))),
        RowName::Unit(text("杭")),
    ];
    assert_eq!(found(&without(&dir, &elsewhere).unwrap()), []);
}

#[test]
fn what_depends_on_a_row_that_a_suite_refused_is_rejected_as_that() {
    let dir = month();
    let (number, account) = ("ROWS_OF_NUMBER_REJECTED", "ROWS_OF_ACCOUNT_REJECTED");
    for (row, expected) in [
        (
            RowName::Person("1001".to_owned()),
            vec![
                ("handovers.csv", 2, number),
                ("people.csv", 2, "NOT_HERE"),
                ("records.csv", 2, number),
                ("rosters.csv", 2, number),
            ],
        ),
        (
            RowName::Account("Vipshop/柏林店/berlin".to_owned()),
            vec![
                ("accounts.csv", 5, "NOT_HERE"),
                ("handovers.csv", 2, account),
                ("records.csv", 4, account),
                ("records.csv", 5, account),
                ("records.csv", 6, account),
                ("rosters.csv", 2, account),
                ("rosters.csv", 3, account),
            ],
        ),
        (
            RowName::Alias("JD".to_owned(), "fang".to_owned(), None),
            vec![("aliases.csv", 2, "NOT_HERE"), ("records.csv", 3, "ROWS_OF_ALIAS_REJECTED")],
        ),
        (
            RowName::Unit("Berlin".to_owned()),
            vec![("people.csv", 4, "NOT_HERE"), ("records.csv", 5, number), ("records.csv", 6, number)],
        ),
        (
            RowName::Unit("杭州/客服".to_owned()),
            vec![
                ("accounts.csv", 2, "NOT_HERE"),
                ("accounts.csv", 3, "NOT_HERE"),
                ("aliases.csv", 2, number),
                ("handovers.csv", 2, number),
                ("people.csv", 2, "NOT_HERE"),
                ("people.csv", 3, "NOT_HERE"),
                ("punches.csv", 2, number),
                ("punches.csv", 3, number),
                ("punches.csv", 4, number),
                ("records.csv", 2, account),
                ("records.csv", 3, account),
                ("rosters.csv", 2, number),
                ("rosters.csv", 3, number),
            ],
        ),
    ] {
        assert_eq!(found(&without(&dir, &[row]).unwrap()), expected);
    }
}

#[test]
fn what_follows_from_several_rows_follows_from_those_that_were_not_refused() {
    let dir = month();
    let kinds = |reading: &Reading| reading.bundle.punches.iter().map(|punch| punch.kind.into()).collect::<Vec<&str>>();
    assert_eq!(kinds(&read(&dir)).len(), 3);
    let noon = RowName::Punch("1002".to_owned(), at("2026-03-02T12:00:00+08:00"));
    let reading = without(&dir, &[noon]).unwrap();
    assert_eq!((kinds(&reading), reading.bundle.punches_given.len()), (vec!["in", "out"], 2));
    let copy = TempDir::new().unwrap();
    write_normalised(&reading.bundle, copy.path(), Locale::En).unwrap();
    assert_eq!(read(&copy).bundle.punches, reading.bundle.punches, "inputs hold accepted rows alone");
    let all = ["1001", "1002", "2001"].map(|number| RowName::Person(number.to_owned()));
    let unusable = without(&dir, &all).unwrap_err();
    assert_eq!((unusable.reason, unusable.rejected.len()), ("NO_PEOPLE", 3));
}

#[test]
fn an_account_or_a_nickname_whose_rows_cannot_be_read_is_told_as_that_where_it_is_named() {
    let dir = month();
    let too_many = limits::CAPACITY + 1;
    put(&dir, "accounts.csv", ACCOUNTS.replace("berlin,shared,2", &format!("berlin,shared,{too_many}")));
    put(&dir, "aliases.csv", "platform,alias,employee_no,from,to\nJD,fang,1001,,\nJD,fang,1002,,\n");
    let reading = read(&dir);
    let code =
        |file: &str, line: u64| found(&reading).iter().find(|row| (row.0, row.1) == (file, line)).map(|row| row.2);
    assert_eq!(code("rosters.csv", 2), Some("ROWS_OF_ACCOUNT_REJECTED"));
    assert_eq!(code("records.csv", 4), Some("ROWS_OF_ACCOUNT_REJECTED"));
    assert_eq!(code("records.csv", 3), Some("ROWS_OF_ALIAS_REJECTED"));
}
