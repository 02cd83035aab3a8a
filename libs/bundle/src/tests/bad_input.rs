//! Bad input: nothing else is lost, and no panic.

use std::io::{Seek, SeekFrom, Write};

use proptest::prelude::*;

use super::*;

#[test]
fn a_backwards_interval_is_rejected() {
    let reading = records("JD,星河旗舰店,kf01,R2,2026-03-03 09:00,2026-03-03 08:59,,,,,,\n");
    let (line, column, reason) = only(&reading);
    assert_eq!((line, column), (3, "ended_at"));
    assert!(reason.contains("before it begins"), "{reason}");
}

#[test]
fn a_backwards_shift_says_that_a_night_ends_on_the_next_day() {
    let dir = good();
    put(
        &dir,
        "rosters.csv",
        "employee_no,account,start,end\n1001,berlin,2026-03-02 22:00,2026-03-02 06:00\n1001,berlin,2026-03-02 22:00,2026-03-03 06:00\n",
    );
    let reading = read(&dir);
    assert_eq!(only(&reading).1, "end");
    assert!(en(&reading.rejected[0].cure).contains("next day"));
    assert_eq!(reading.bundle.rosters.len(), 1);
}

#[test]
fn a_backwards_employment_is_rejected() {
    let dir = good();
    put(&dir, "people.csv", format!("{PEOPLE}3001,X,HZ,,,2026-01-02,2026-01-01,\n"));
    assert_eq!(only(&read(&dir)).1, "left_on");
}

#[test]
fn texts_and_paths_that_the_services_would_refuse_are_rejected() {
    let dir = good();
    let (long, deep) = ("x".repeat(201), vec!["u"; 17].join("/"));
    put(&dir, "people.csv", format!("{PEOPLE}3001,{long},HZ,,,2026-01-01,,\n3002,X,{deep},,,2026-01-01,,\n"));
    let reading = read(&dir);
    let found: Vec<_> = reading.rejected.iter().map(|r| (r.line, r.column.as_str())).collect();
    assert_eq!(found.iter().map(|(_, column)| *column).collect::<Vec<_>>(), ["name", "org_unit"]);
    assert!(en(&reading.rejected[1].reason).contains("17 units deep"), "{}", en(&reading.rejected[1].reason));
}

#[test]
fn unknown_people_are_rejected_in_every_file() {
    let dir = good();
    let stranger = ROW.replace("R1", "R2").replace("1001", "小强");
    put(&dir, "records.csv", format!("{HEAD}{ROW}{stranger}"));
    put(&dir, "rosters.csv", "employee_no,account,start,end\n9,berlin,2026-03-02 09:00,2026-03-02 17:00\n");
    put(&dir, "punches.csv", "employee_no,at,kind\n9,2026-03-02 08:55,in\n1001,2026-03-02 08:55,in\n");
    put(&dir, "handovers.csv", "account,employee_no,at,kind\nberlin,9,2026-03-02 08:55,take\n");
    put(&dir, "aliases.csv", "platform,alias,employee_no,from,to\nJD,小强,9,,\n");
    let reading = read(&dir);
    let found: Vec<_> = reading.rejected.iter().map(|r| (r.file, r.line, r.column.as_str())).collect();
    assert_eq!(
        found,
        [
            ("aliases.csv", 2, "employee_no"),
            ("handovers.csv", 2, "employee_no"),
            ("punches.csv", 2, "employee_no"),
            ("records.csv", 3, "agent"),
            ("rosters.csv", 2, "employee_no"),
        ]
    );
    assert!(en(&reading.rejected[3].reason).contains("小强 on JD in aliases.csv"), "its alias was rejected");
    assert_eq!((reading.bundle.records.len(), reading.bundle.punches.len()), (1, 1));
    assert_eq!(reading.rejected_rows["records.csv"], 1);
}

#[test]
fn unknown_accounts_are_rejected_with_the_nearest_name() {
    let reading = records("JD,星河旗舰店,kf02,R2,2026-03-03 09:00,2026-03-03 10:00,,,,,,\n");
    let (_, column, reason) = only(&reading);
    assert_eq!(column, "account");
    assert_eq!(reason, "JD/星河旗舰店/kf02 is not in accounts.csv (is JD/星河旗舰店/kf01 meant?)");
}

#[test]
fn an_external_id_twice_with_the_same_content_counts_once_and_is_a_finding() {
    let reading = records(&ROW.replace("2026-03-02 09:00", "2026/3/2 9:00:00").replace("199.00", "199"));
    assert_eq!((ids(&reading), kinds(&reading)), (vec!["R1"], vec!["duplicate_record"]));
    assert_eq!(reading.bundle.findings[0].subject, "JD/星河旗舰店/kf01/R1");
    assert!(reading.rejected.is_empty());
}

#[test]
fn an_external_id_twice_with_other_content_loses_all_its_rows() {
    let dir = good();
    let row = |id: &str, rating: &str| ROW.replace("R1", id).replace(",5,", &format!(",{rating},"));
    put(&dir, "records.csv", [HEAD, &row("R2", "4"), &row("R1", "5"), &row("R2", "5"), &row("R2", "4")].concat());
    let reading = read(&dir);
    assert_eq!(ids(&reading), ["R1"]);
    assert_eq!(reading.rejected.iter().map(|r| r.line).collect::<Vec<_>>(), [2, 4, 5]);
    assert_eq!(reading.rejected_rows["records.csv"], 3);
}

#[test]
fn the_same_external_id_in_another_account_is_another_record() {
    let reading = records("Tmall,银河专营店,kf01,R1,2026-03-02 09:00,2026-03-02 09:05,,,,,,\n");
    assert_eq!(ids(&reading), ["R1", "R1"]);
}

#[test]
fn negative_amounts_are_rejected() {
    let reading = records(&ROW.replace("R1", "R2").replace("199.00", "-5.00"));
    let (line, column, reason) = only(&reading);
    assert_eq!((line, column), (3, "amount"));
    assert!(reason.contains("negative"), "{reason}");
    let cure = en(&reading.rejected[0].cure);
    assert!(cure.contains("refers_to"), "{cure}");
}

#[test]
fn amounts_with_more_decimals_than_the_currency_are_rejected() {
    assert_eq!(only(&records(&ROW.replace("R1", "R2").replace("199.00", "1.005"))).1, "amount");
    let dir = good();
    put(&dir, "group.yaml", "currency: JPY\n");
    put(&dir, "records.csv", format!("{HEAD}{ROW}{}", ROW.replace("R1", "R2").replace("199.00", "1.5")));
    let reading = read(&dir);
    assert_eq!(only(&reading).1, "amount");
    assert_eq!(reading.bundle.records[0].amount_minor, Some(199));
}

#[test]
fn a_time_in_a_dst_gap_is_rejected_with_the_way_out() {
    let reading = records("Vipshop,柏林店,berlin,B1,2026-03-29 02:30,2026-03-29 03:10,,,,,,\n");
    assert_eq!(only(&reading).1, "started_at");
    assert!(en(&reading.rejected[0].cure).contains("2026-03-29T02:30:00+02:00"), "{}", en(&reading.rejected[0].cure));
}

#[test]
fn a_row_with_several_wrong_cells_is_one_rejected_row_that_names_them_all() {
    let reading = records("JD,星河旗舰店,kf01,R2,yesterday,2026-03-03 10:00,,,fast,maybe,good,1e3\n");
    let (_, column, reason) = only(&reading);
    assert_eq!(column, "first_reply_seconds");
    for other in ["also resolved", "also rating", "also amount", "also started_at"] {
        assert!(reason.contains(other), "{reason}");
    }
}

#[test]
fn a_row_with_too_many_cells_is_rejected_and_one_that_ends_early_lacks_what_it_needs() {
    let reading = records("JD,星河旗舰店\nJD,星河旗舰店,kf01,R3,2026-03-03 09:00,2026-03-03 10:00,,,,,,,,spare\n");
    let lines: Vec<_> = reading.rejected.iter().map(|r| (r.line, en(&r.reason))).collect();
    let early = "it is empty; also account: it is empty";
    assert_eq!(lines, [(3, early.to_owned()), (4, "it has 14 cells, the header has 12".to_owned())]);
}

#[test]
fn a_stray_quote_costs_its_own_row_only() {
    let stray = ROW.replace("R1", "R2").replace("presale", "\"pre");
    let reading = records(&format!("{stray}{}{stray}{}", ROW.replace("R1", "R3"), ROW.replace("R1", "R4")));
    assert_eq!(reading.rejected.iter().map(|r| r.line).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(ids(&reading), ["R1", "R3", "R4"]);
}

#[test]
fn damaged_bytes_cost_their_row_only() {
    let dir = good();
    let damaged =
        ROW.replace("R1", "R2").into_bytes().iter().map(|b| if *b == b'p' { 0xff } else { *b }).collect::<Vec<_>>();
    put(&dir, "records.csv", [HEAD.as_bytes(), ROW.as_bytes(), &damaged, ROW.replace("R1", "R3").as_bytes()].concat());
    let reading = read(&dir);
    assert_eq!((only(&reading).0, ids(&reading)), (3, vec!["R1", "R3"]));
}

#[test]
fn contradicting_people_accounts_and_aliases_lose_their_rows() {
    let dir = good();
    put(&dir, "people.csv", format!("{PEOPLE}1002,Somebody else,HZ,,,2026-01-01,,\n"));
    put(&dir, "accounts.csv", format!("{ACCOUNTS}Vipshop,柏林店,berlin,shared,3,Europe/Berlin,,,\n"));
    put(
        &dir,
        "aliases.csv",
        "platform,alias,employee_no,from,to\nJD,a,1001,,\nJD,a,2001,2026-03-05,\nJD,2001,1001,,\n",
    );
    let reading = read(&dir);
    let found: Vec<_> = reading.rejected.iter().map(|r| (r.file, r.line)).collect();
    assert_eq!(
        found,
        [
            ("accounts.csv", 5),
            ("accounts.csv", 6),
            ("aliases.csv", 2),
            ("aliases.csv", 3),
            ("aliases.csv", 4),
            ("people.csv", 3),
            ("people.csv", 5),
        ]
    );
    assert_eq!((reading.bundle.people.len(), reading.bundle.accounts.len()), (2, 2));
}

#[test]
fn a_missing_file_is_unusable_and_a_near_name_is_offered() {
    let dir = good();
    fs::rename(dir.path().join("people.csv"), dir.path().join("peple.csv")).expect("renamed");
    let refusal = refused(&dir);
    assert_eq!((refusal.reason, en(&refusal.file).as_str()), ("MISSING_FILE", "people.csv"));
    assert!(en(&refusal.problem).contains("there is peple.csv"), "{refusal}");
    let nowhere = read_at(&dir.path().join("nowhere")).expect_err("no folder");
    assert_eq!(nowhere.reason, "NO_FOLDER");
}

#[test]
fn an_empty_file_is_unusable() {
    for file in REQUIRED {
        let dir = good();
        put(&dir, file, "");
        assert_eq!((refused(&dir).reason, en(&refused(&dir).file).as_str()), ("EMPTY_FILE", file));
        put(&dir, file, "\u{feff}\r\n\r\n");
        assert_eq!(refused(&dir).reason, "EMPTY_FILE");
    }
}

#[test]
fn a_header_without_rows_is_unusable() {
    for (file, text, reason) in [
        ("people.csv", PEOPLE, "NO_PEOPLE"),
        ("accounts.csv", ACCOUNTS, "NO_ACCOUNTS"),
        ("records.csv", HEAD, "NO_RECORDS"),
    ] {
        let dir = good();
        put(&dir, file, text.lines().next().expect("a header"));
        assert_eq!(refused(&dir).reason, reason);
    }
}

#[test]
fn a_file_that_is_not_csv_is_unusable() {
    let zip = [&b"PK\x03\x04\x14\x00\x06\x00\x08\x00"[..], &[0; 512], b"xl/workbook.xml"].concat();
    let garbage: Vec<u8> = (0..4_000_u32).map(|n| (n * 7 % 251 + 1) as u8).collect();
    for (content, reason) in [
        (zip, "NOT_TEXT"),
        (garbage, "NOT_CSV"),
        (
            b"employee_no,name,org_unit,position,grade,hired_on\n1,Ren\xe9 M\xfcller,Bern,,,2024-01-01\n".to_vec(),
            "UNKNOWN_ENCODING",
        ),
        (b"{\"people\": [1, 2, 3]}\n".to_vec(), "NOT_CSV"),
        (b"\"never closed\n".to_vec(), "NOT_CSV"),
        (PEOPLE.split_once('\n').expect("a header").1.as_bytes().to_vec(), "NOT_CSV"),
    ] {
        let dir = good();
        put(&dir, "people.csv", content);
        assert_eq!(refused(&dir).reason, reason);
    }
    let dir = good();
    fs::create_dir(dir.path().join("rosters.csv")).expect("a folder");
    assert_eq!(refused(&dir).reason, "NOT_A_FILE");
}

#[test]
fn a_missing_or_repeated_column_is_unusable() {
    let dir = good();
    put(&dir, "records.csv", format!("{HEAD}{ROW}").replace("started_at", "start_at"));
    let refusal = refused(&dir);
    assert_eq!(refusal.reason, "MISSING_COLUMN");
    assert!(en(&refusal.problem).contains("is start_at meant as started_at?"), "{refusal}");
    put(&dir, "records.csv", format!("{HEAD}{ROW}").replace("rating", "kind"));
    assert_eq!(refused(&dir).reason, "COLUMN_TWICE");
}

#[test]
fn a_column_that_an_export_with_chinese_names_lacks_is_named_in_chinese_too() {
    let dir = good();
    let head = "平台,店铺,客服账号,会话ID,结束时间,客服,会话类型,首响(秒),是否解决,满意度,金额\n";
    put(&dir, "records.csv", format!("{head}{ROW}"));
    let refusal = refused(&dir);
    assert!(en(&refusal.problem).contains("started_at (开始时间 / 会话开始时间"), "{refusal}");
    assert!(en(&refusal.cure).contains("平台,店铺,客服账号,会话id,开始时间"), "{refusal}");
}

#[test]
fn a_number_that_is_too_large_is_told_its_range_and_not_that_it_is_none() {
    for (cell, column) in [(",5,", "rating"), (",12.5,", "first_reply_seconds")] {
        for large in ["4000001", "99999999999999999999"] {
            let reading = records(&ROW.replace("R1", "R2").replace(cell, &format!(",{large},")));
            let (_, wrong, reason) = only(&reading);
            assert_eq!((wrong, reason), (column, format!("{large} is too large")));
            let most = if column == "rating" { "from 0 to 10" } else { "from 0 to 4000000" };
            assert!(en(&reading.rejected[0].cure).contains(most));
        }
    }
}

#[test]
fn a_finding_about_many_rows_names_one_by_what_is_in_it_whatever_their_order() {
    let rows = ["A9", "A7", "A8"].map(|id| ROW.replace("R1", id));
    let head = HEAD.replace('\n', ",customer\n");
    let with = |customers: [&str; 3]| {
        let dir = good();
        let rows: Vec<String> =
            rows.iter().zip(customers).map(|(row, c)| row.replace('\n', &format!(",{c}\n"))).collect();
        put(&dir, "records.csv", format!("{head}{}", rows.concat()));
        let bundle = read(&dir).bundle;
        let found = bundle.findings.iter().find(|f| f.kind == FindingKind::DamagedId).expect("a finding");
        en(&found.detail)
    };
    let one = with(["2.2E+12", "2.20661E+12", "3.1E+11"]);
    assert!(one.contains("(such as 2.20661E+12)"), "{one}");
    assert_eq!(one, with(["3.1E+11", "2.2E+12", "2.20661E+12"]));
}

#[test]
fn a_period_that_holds_no_record_is_unusable() {
    let dir = good();
    let day = |d| Some(jiff::civil::date(2026, 5, d));
    let ask = |from, to| {
        read_bundle(dir.path(), Options { from, to, ..Options::default() }, &mut |_, _| {})
            .expect_err("unusable")
            .reason
    };
    assert_eq!(ask(day(1), day(31)), "NO_RECORDS");
    assert_eq!(ask(day(1), None), "BAD_PERIOD");
    assert_eq!(ask(day(2), day(1)), "BAD_PERIOD");
}

#[test]
fn records_that_are_all_rejected_are_unusable_and_the_first_reason_is_told() {
    let dir = good();
    put(&dir, "records.csv", format!("{HEAD}{}", ROW.replace("2026-03-02", "02.03.2026")));
    let refusal = refused(&dir);
    assert_eq!(refusal.reason, "NO_RECORDS");
    assert!(en(&refusal.problem).contains("line 2, column started_at"), "{refusal}");
}

/// Two gigabytes that take no room: a hole in the file after a good beginning.
fn two_gigabytes(beginning: &str, fill: u8) -> TempDir {
    let dir = good();
    let mut file = fs::File::create(dir.path().join("records.csv")).expect("created");
    file.write_all(beginning.as_bytes()).expect("written");
    let (size, block) = (2_u64 << 30, vec![fill; 1 << 20]);
    if fill == 0 {
        file.set_len(size).expect("a hole");
    } else {
        // A few megabytes without a line end are read as the gigabytes would be.
        for _ in 0..8 {
            file.write_all(&block).expect("written");
        }
    }
    file.seek(SeekFrom::End(0)).expect("at the end");
    file.write_all(b"\n").expect("written");
    dir
}

#[test]
fn two_gigabytes_of_nothing_are_unusable() {
    assert_eq!(refused(&two_gigabytes(&format!("{HEAD}{ROW}"), 0)).reason, "NOT_TEXT");
}

#[test]
fn an_endless_line_is_rejected_and_nothing_else_is_lost() {
    let dir = two_gigabytes(&format!("{HEAD}{ROW}"), b'x');
    let mut file = fs::OpenOptions::new().append(true).open(dir.path().join("records.csv")).expect("opened");
    file.write_all(ROW.replace("R1", "R2").as_bytes()).expect("written");
    let reading = read(&dir);
    assert_eq!((only(&reading).0, ids(&reading)), (3, vec!["R1", "R2"]));
    assert_eq!(refused(&two_gigabytes("", b'x')).reason, "NOT_CSV");
}

#[test]
fn rejected_rows_are_described_up_to_a_limit_and_then_counted() {
    let bad = "x\n".repeat(100_005);
    let reading = records(&bad);
    assert_eq!(reading.rejected_rows["records.csv"], 100_005);
    assert_eq!(reading.rejected.len(), 100_001);
    let last = reading.rejected.last().expect("the rest");
    assert_eq!((last.line, en(&last.reason).as_str()), (0, "5 more rows of this file were rejected"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0_usize..300) {
        let dir = good();
        for file in ["records.csv", "people.csv", "punches.csv", "group.yaml"] {
            let mut content = match file { "people.csv" => PEOPLE.to_owned(), _ => format!("{HEAD}{ROW}{ROW}") }.into_bytes();
            let at = at.min(content.len());
            content.splice(at..at, bytes.iter().copied());
            put(&dir, file, &content);
            let outcome = read_at(dir.path());
            prop_assert!(outcome.is_ok_and(|r| !r.bundle.records.is_empty()) || read_at(dir.path()).is_err());
        }
    }
}
