//! Files as spreadsheets and exports leave them: each kind with its right value, or refused in words that help.

use std::collections::BTreeSet;
use std::path::Path;

use crate::case::{Case, RECORDS, text};

const ROSTERS: &str = "employee_no,account,start,end\n1001,mart-a,2026-03-02 08:30,2026-03-02 12:00\n\
    1002,mart-a,2026-03-02 08:30,2026-03-02 12:00\n";

fn of_records(rows: &str, files: &[(&str, &str)]) -> Case {
    let records = format!("{}{rows}", RECORDS);
    let mut all = vec![("records.csv", records.as_str())];
    all.extend(files);
    Case::new(&all, &[])
}

#[test]
fn cells_that_are_missing_at_the_end_of_a_row_are_empty() {
    let rows = "Mart,One,mart-a,T1,2026-03-02 09:00,2026-03-02 09:05,1001,chat,,,,10\n\
        Mart,One,mart-a,T2,2026-03-02 09:10,2026-03-02 09:15,1002,chat\n\
        Mart,One,mart-a,T3,2026-03-02 09:20,2026-03-02 09:25,1002,chat,12\nMart,One\n";
    let case = of_records(rows, &[]);
    assert_eq!(case.close(), 3, "the last row lacks what it needs");
    assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1002 1000000", "T3 1002 1000000"]);
    let rejected = case.result("rejected.csv");
    assert!(rejected.contains("records.csv,5,external_id,it is empty") && !rejected.contains("quote"), "{rejected}");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn a_customer_number_that_lost_its_digits_joins_no_session() {
    let head = RECORDS.replace("amount", "amount,customer");
    let row = |id: &str, at: &str, agent: &str| {
        format!("Mart,One,mart-a,{id},2026-03-02 {at},2026-03-02 {at},{agent},chat,,,,,2.20661E+12\n")
    };
    let rows = [row("T1", "09:00", "1001"), row("T2", "09:06", ""), row("T3", "09:12", "")].concat();
    let case = Case::new(&[("records.csv", &format!("{head}{rows}")), ("rosters.csv", ROSTERS)], &[]);
    assert_eq!(case.close(), 0);
    let shared = ["T1 1001 1000000", "T2 1001 500000", "T2 1002 500000", "T3 1001 500000", "T3 1002 500000"];
    assert_eq!(case.credits(), shared);
    let findings = case.result("findings.csv");
    assert!(findings.contains("DAMAGED_ID,records.csv customer") && findings.contains("spreadsheet"), "{findings}");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn two_records_that_a_spreadsheet_gave_one_id_are_never_taken_for_one() {
    let row = |id: &str| format!("Mart,One,mart-a,{id},2026-03-02 09:00,2026-03-02 09:05,1001,chat,,,,\n");
    let case = of_records(&(row("2.20661E+12") + &row("2.20661E+12") + &row("T1") + &row("T1")), &[]);
    assert_eq!(case.close(), 3);
    assert_eq!(case.credits(), ["T1 1001 1000000"]);
    let rejected = case.result("rejected.csv");
    for line in [2, 3] {
        let said = format!(
            "records.csv,{line},external_id,2.20661E+12 comes 2 times in Mart/One/mart-a with the same content,"
        );
        assert!(rejected.contains(&said), "{rejected}");
    }
    assert!(rejected.contains("export the column as text"), "{rejected}");
}

#[test]
fn a_customer_that_stands_for_nobody_joins_no_session_and_an_id_that_does_is_no_id() {
    let head = RECORDS.replace("amount", "amount,customer");
    let row = |id: &str, at: &str, agent: &str, customer: &str| {
        format!("Mart,One,mart-a,{id},2026-03-02 {at},2026-03-02 {at},{agent},chat,,,,,{customer}\n")
    };
    for nobody in ["#N/A", "########", "null", "#REF!"] {
        let rows = [row("T1", "09:00", "1001", nobody), row("T2", "09:06", "", nobody), row("#N/A", "09:07", "", "c1")];
        let case = Case::new(&[("records.csv", &format!("{head}{}", rows.concat())), ("rosters.csv", ROSTERS)], &[]);
        assert_eq!(case.close(), 3, "{nobody}");
        assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1001 500000", "T2 1002 500000"], "{nobody}");
        let findings = case.result("findings.csv");
        let (kind, what) = match nobody {
            "null" => ("NO_VALUE", "stand for no value"),
            _ => ("DAMAGED_ID", "hold what a spreadsheet shows in place of a value"),
        };
        let told = format!("{kind},records.csv customer,,2 cells {what} (such as {nobody}): taken as empty");
        assert!(findings.contains(&told), "{findings}");
        let rejected = case.result("rejected.csv");
        assert!(
            rejected.contains("records.csv,4,external_id,\"'#N/A' is what a spreadsheet shows where"),
            "{rejected}"
        );
        assert!(case.replayed().contains("identical"));
    }
}

#[test]
fn a_customer_with_a_character_that_nobody_sees_or_an_added_decimal_is_the_same_customer() {
    let head = RECORDS.replace("amount", "amount,customer");
    let row = |id: &str, at: &str, agent: &str, customer: &str| {
        format!("Mart,One,mart-a,{id},2026-03-02 {at},2026-03-02 {at},{agent},chat,,,,,{customer}\n")
    };
    for (one, same) in [("c1", "c\u{200b}1"), ("c 1", "c\u{a0}1"), ("c1", "\u{feff}c1"), ("88.0", "88")] {
        let rows = row("T1", "09:00", "1001", one) + &row("T2", "09:06", "", same);
        let case = Case::new(&[("records.csv", &format!("{head}{rows}")), ("rosters.csv", ROSTERS)], &[]);
        assert_eq!(case.close(), 0, "{same:?}");
        assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1001 1000000"], "{same:?}");
        assert!(case.replayed().contains("identical"), "{same:?}");
    }
}

#[test]
fn marks_of_a_spreadsheet_and_unseen_characters_make_no_second_record() {
    let row = |id: &str| format!("Mart,One,mart-a,{id},2026-03-02 09:00,2026-03-02 09:05,1001,chat,,,,\n");
    for twin in [
        "'20260302001",
        "20260302001\u{200b}",
        "\u{feff}20260302001\u{a0}",
        "\"=\"\"20260302001\"\"\"",
        "=\"20260302001\"",
    ] {
        let rows = row("20260302001") + &row(twin) + &row("T2").replace("1001", "1002");
        let case = of_records(&rows, &[("pool.yaml", "amount: 90.00\n")]);
        assert_eq!(case.close(), 0, "{twin}");
        assert_eq!(case.credits(), ["20260302001 1001 1000000", "T2 1002 1000000"], "{twin}");
    }
    let case = of_records(&(row("T1") + &row("2026\u{200b}0302")), &[]);
    assert_eq!(case.close(), 3);
    let rejected = case.result("rejected.csv");
    assert!(rejected.contains("records.csv,3,external_id,\"it holds the character U+200B,"), "{rejected}");
}

#[test]
fn an_employee_number_that_nobody_has_says_what_is_meant() {
    let people = "employee_no,name,org_unit,position,grade,hired_on\n0042,Ann Ode,East/Desk,agent,P1,2025-01-06\n\
        1002,Bo,East/Desk,agent,P1,2025-01-06\n";
    let row =
        |id: &str, agent: &str| format!("Mart,One,mart-a,{id},2026-03-02 09:00,2026-03-02 09:05,{agent},chat,,,,\n");
    let rows = row("T1", "1002.0")
        + &row("T2", "42")
        + &row("T3", "Ann Ode")
        + &row("T4", "4.2E+01")
        + &row("T5", "'0042")
        + &row("T6", "\"1,002\"");
    let case = of_records(&rows, &[("people.csv", people)]);
    assert_eq!(case.close(), 3);
    assert_eq!(case.credits(), ["T1 1002 1000000", "T5 0042 1000000"]);
    let rejected = case.result("rejected.csv");
    for said in [
        "3,agent,42 is not in people.csv (is 0042 meant?)",
        "Ann Ode is a name, and a number is expected (is 0042 meant?)",
        "7,agent,\"1,002 is not in people.csv (is 1002 meant?)\",a spreadsheet grouped its digits: export the column as text,GROUPED_NUMBER",
        "4.2E+01 is a number that a spreadsheet shortened to its first digits",
    ] {
        assert!(rejected.contains(said), "{said}: {rejected}");
    }
}

#[test]
fn a_thousand_is_never_read_as_one() {
    let head = "sep=;\n".to_owned() + &RECORDS.replace(',', ";");
    let row = |id: &str, agent: &str, amount: &str| {
        format!("Mart;One;mart-a;{id};2026-03-02 09:00;2026-03-02 09:05;{agent};chat;;;;{amount}\n")
    };
    let rows = head + &row("T0", "1001", "1.000") + &row("T1", "1001", "12.500") + &row("T2", "1002", "999");
    let scheme = "name: Sales\nversion: 1\nkpis:\n\
        \x20 - {id: sales, measure: sum, of: amount, target: 1000, weight: 100, cap: 100000}\n";
    let files = [("records.csv", rows.as_str()), ("scheme.yaml", scheme), ("pool.yaml", "amount: 1000.00\n")];
    let case = Case::new(&files, &[]);
    assert_eq!(case.close(), 3);
    assert_eq!(case.credits(), ["T2 1002 1000000"]);
    let rejected = case.result("rejected.csv");
    assert!(rejected.contains("numbers: {decimal:") && rejected.lines().count() == 3, "{rejected}");

    let group =
        "currency: CNY\nperiod: {from: 2026-03-01, to: 2026-03-31}\nnumbers: {decimal: \",\", grouping: \".\"}\n";
    let told = Case::new(&[files[0], files[1], files[2], ("group.yaml", group)], &[]);
    assert_eq!(told.close(), 0);
    let statements = told.result("statements.csv");
    assert!(statements.contains("931.10") && statements.contains("68.90"), "{statements}");
    assert!(told.replayed().contains("identical"));
}

#[test]
fn what_may_be_a_thousand_in_a_column_of_texts_is_a_text() {
    let head = RECORDS.replace(',', ";").replace("amount", "amount;version;points");
    let row = |id: &str, version: &str, points: &str| {
        format!("Mart;One;mart-a;{id};2026-03-02 09:00;2026-03-02 09:05;1001;chat;;;;;{version};{points}\n")
    };
    let rows = head + &row("T1", "1.000", "5") + &row("T2", "2.1-beta", "1.000") + &row("T3", "1.234.567", "12");
    let case = Case::new(&[("records.csv", &rows)], &[]);
    assert_eq!(case.close(), 3);
    assert_eq!(case.credits(), ["T1 1001 1000000", "T3 1001 1000000"]);
    let rejected = case.result("rejected.csv");
    assert!(
        rejected.contains("records.csv,3,points,'1.000' may be a decimal") && rejected.lines().count() == 2,
        "{rejected}"
    );
    let inputs = case.result("inputs/records.csv");
    assert!(inputs.contains(",5,1.000\n") && inputs.contains(",12,1.234.567\n"), "{inputs}");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn chinese_headers_and_words_are_understood() {
    let records = "平台,店铺,客服账号,会话ID,开始时间,结束时间,客服工号,会话类型,首次响应时长（秒）,是否解决,满意度,金额\n\
        Mart,One,mart-a,T1,2026年3月2日 9:00,2026年3月2日 9:05,,售前,12,已解决,5,10.00\n";
    let punches = "工号,打卡时间,打卡类型\n1001,2026-03-02 08:58,上班\n1001,2026/3/2 18:01,下班\n";
    let case = Case::new(&[("records.csv", records), ("punches.csv", punches)], &[]);
    assert_eq!(case.close(), 0);
    assert_eq!(case.credits(), ["T1 1001 1000000"]);
    assert!(case.replayed().contains("identical"));

    let twice =
        Case::new(&[("punches.csv", "工号,employee_no,打卡时间,打卡类型\n")], &[("T1", "2026-03-02 09:00", "1001")]);
    assert_eq!(twice.close(), 2, "one column under two names");
}

#[test]
fn a_shift_until_24_00_ends_with_the_day_and_an_hour_that_comes_twice_is_the_one_after_the_start() {
    let rosters = "employee_no,account,start,end\n1001,mart-a,2026-03-02 16:00,2026-03-02 24:00\n";
    let night =
        of_records("Mart,One,mart-a,T1,2026-03-02 23:50,2026-03-02 23:55,,chat,,,,\n", &[("rosters.csv", rosters)]);
    assert_eq!(night.close(), 0);
    assert_eq!(night.credits(), ["T1 1001 1000000"]);

    let accounts = "platform,store,account,phase,capacity,zone\nMart,One,mart-a,shared,1,Europe/Berlin\n";
    let group = "currency: CNY\nzone: Europe/Berlin\nperiod: {from: 2026-10-01, to: 2026-10-31}\n";
    let rows = "Mart,One,mart-a,T1,2026-10-25 02:50,2026-10-25 02:10,1001,chat,,,,\n\
        Mart,One,mart-a,T2,2026-10-25T02:50:00+02:00,2026-10-25T02:10:00+01:00,1001,chat,,,,\n\
        Mart,One,mart-a,T3,2026-10-25 02:50:00+01:00,2026-10-25 02:10,1001,chat,,,,\n";
    let case = of_records(rows, &[("accounts.csv", accounts), ("group.yaml", group)]);
    assert_eq!(case.close(), 3);
    let inputs = case.result("inputs/records.csv");
    for id in ["T1", "T2"] {
        assert!(inputs.contains(&format!("{id},2026-10-25T00:50:00Z,2026-10-25T01:10:00Z")), "{inputs}");
    }
    assert!(case.result("findings.csv").contains("HOUR_TWICE,records.csv"));
    let findings = case.result("findings.csv");
    assert!(findings.contains("the end of 1 row is the second time that they showed it"), "{findings}");
    // The end of T3 lies before its start at either time, so an offset helps nobody.
    let rejected = case.result("rejected.csv");
    assert!(rejected.contains("correct the times") && !rejected.contains("offset"), "{rejected}");
}

#[test]
fn a_single_time_in_an_hour_that_comes_twice_says_which_of_the_two_was_taken() {
    let people = "employee_no,name,org_unit,position,grade,hired_on,zone\n1001,Ann,East/Diagnostics,,,2025-01-06,Europe/Berlin\n";
    let accounts = "platform,store,account,phase,capacity,zone\nMart,One,mart-a,shared,1,Europe/Berlin\n";
    let group = "currency: CNY\nzone: Europe/Berlin\nperiod: {from: 2026-10-01, to: 2026-10-31}\n";
    let files = [
        ("people.csv", people),
        ("accounts.csv", accounts),
        ("group.yaml", group),
        ("punches.csv", "employee_no,at,kind\n1001,2026-10-25 02:30,in\n1001,2026-10-25 09:00,out\n"),
        (
            "handovers.csv",
            "account,employee_no,at,kind\nmart-a,1001,2026-10-25 02:40,take\nmart-a,1001,2026-10-25 03:10,release\n",
        ),
        ("rosters.csv", "employee_no,account,start,end\n1001,mart-a,2026-10-25 02:15,2026-10-25 08:00\n"),
    ];
    let case = Case::new(&files, &[("T1", "2026-10-25 02:20", "1001"), ("T2", "2026-10-25 02:20+01:00", "1001")]);
    assert_eq!(case.close(), 0);
    let findings = case.result("findings.csv");
    let named = [
        ("punches.csv", "1001 2026-10-25 02:30"),
        ("handovers.csv", "mart-a 1001 2026-10-25 02:40"),
        ("rosters.csv", "1001 mart-a 2026-10-25 02:15"),
        ("records.csv", "T1 2026-10-25 02:20 2026-10-25 02:20"),
    ];
    for (file, example) in named {
        let told =
            "clocks went back, and in 1 row a time without an offset that they showed twice is the first of the two";
        let told = format!("\"{told} (such as {example}): write the offset to say which is meant\"");
        assert!(findings.contains(&format!("HOUR_TWICE,{file},,{told}\n")), "{file}: {findings}");
    }
    assert!(case.result("inputs/punches.csv").contains("1001,2026-10-25T00:30:00Z,in"));
    assert!(case.replayed().contains("identical"));
}

#[test]
fn what_was_rejected_is_written_down_also_when_nothing_can_be_done() {
    let people = "employee_no,name,org_unit,position,grade,hired_on\n1001,Ann,East/Desk,agent,P1,yesterday\n";
    let case = Case::new(&[("people.csv", people)], &[("T1", "2026-03-02 09:00", "1001")]);
    let out = case.bundle().with_file_name("result");
    let output = case.run(&["close", text(&case.bundle()), "--out", text(&out)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("every row was rejected") && said.contains("rejected.csv names every rejected row"),
        "{said}"
    );
    assert!(case.result("rejected.csv").contains("people.csv,2,hired_on,'yesterday' is not a date"));

    // Mended and closed again: what the first try left in the folder is in nobody's way.
    std::fs::write(case.bundle().join("people.csv"), people.replace("yesterday", "2025-01-06")).expect("a file");
    assert_eq!(case.close(), 0);
    assert_eq!(case.result("rejected.csv").lines().count(), 1);
}

#[test]
fn a_spreadsheet_shows_a_result_as_it_is_and_programs_can_have_the_bare_values() {
    let ids = ["=SUM(A1)", "@home", "-2+3", "+86 571", "'=quoted", "-7"];
    let records: Vec<(&str, &str, &str)> = ids.iter().map(|id| (*id, "2026-03-02 09:00", "1001")).collect();
    let case = Case::new(&[("rosters.csv", ROSTERS)], &records);
    assert_eq!(case.close(), 0);
    let sheets = case.sheets();
    let names: BTreeSet<&str> = sheets.iter().filter_map(|(name, _)| name.strip_suffix(".csv")).collect();
    let expected = ["attribution", "credits", "evidence", "findings"].into_iter();
    let expected = expected.chain(["rejected", "score_cards", "statements", "unattributed"]);
    assert!(names.into_iter().eq(expected), "{sheets:?}");
    assert!(sheets.iter().all(|(_, text)| text.starts_with('\u{feff}')), "{sheets:?}");
    let credits = case.credits();
    // The marker before `=quoted` was a spreadsheet's own, which the reading takes off.
    for id in ["'=SUM(A1)", "'@home", "'-2+3", "'+86 571", "'=quoted", "-7"] {
        assert!(credits.contains(&format!("{id} 1001 1000000")), "{id}: {credits:?}");
    }
    assert!(case.result("inputs/records.csv").contains(",=SUM(A1),"), "inputs are for the program");
    assert!(!case.result("inputs/records.csv").starts_with('\u{feff}'));
    assert!(case.result("manifest.json").contains("\"csv\": \"for_people\""));
    assert!(case.replayed().contains("identical"));

    let bare = Case::new(&[("rosters.csv", ROSTERS)], &records);
    assert_eq!(bare.close_with(&["--plain-csv"]), 0);
    assert!(bare.sheets().iter().all(|(_, text)| text.is_ascii()));
    assert!(bare.credits().contains(&"=SUM(A1) 1001 1000000".to_owned()), "{:?}", bare.credits());
    assert!(!bare.result("manifest.json").contains("\"csv\":"));
    assert!(bare.replayed().contains("identical"));
}

#[test]
fn a_result_that_was_closed_under_earlier_rules_of_reading_and_duty_still_replays() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/closed_before");
    let case = Case::new(&[], &[]);
    for name in [
        "shortened-customers",
        "night-after-night",
        "contradicting-duty",
        "unseen-ids",
        "passed-over",
        "passed-over-zh",
    ] {
        let output = case.run(&["replay", text(&folder.join(name))]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.starts_with("identical: ") && output.status.success(), "{name}: {said}");
    }
}

const LETTERS: (&str, &str) = ("reading.csv", "kind,file,subject,detail,count\n");
/// In the canonical form, which is read to the letter, the reader takes it; the suite takes no id with such a character.
const ODD: (&str, &str, &str) = ("T\u{202e}2", "2026-03-02 09:01", "1002");

#[test]
fn a_row_that_only_the_suite_refuses_is_a_rejected_row_and_the_month_goes_on() {
    let records = [("T1", "2026-03-02 09:00", "1001"), ODD, ("T3", "2026-03-02 09:02", "1002")];
    for (language, reason, cure) in [
        ("en", "external_id holds the character U+202E", "correct what is named, or take the row out"),
        ("zh-CN", "external_id 含有看不见的字符 U+202E", "请改正所述内容，或去掉该行"),
    ] {
        let case = Case::new(&[LETTERS, ("pool.yaml", "amount: 90.00\n")], &records);
        assert_eq!(case.close_with(&["--lang", language]), 3);
        assert_eq!(case.credits(), ["T1 1001 1000000", "T3 1002 1000000"]);
        let rejected = case.table("rejected.csv");
        let [_, row] = rejected.as_slice() else { panic!("{rejected:?}") };
        assert_eq!([&row[0], &row[1], &row[2], &row[4], &row[5]], ["records.csv", "3", "", cure, "ID_WITH_UNSEEN"]);
        assert!(row[3].contains(reason), "{row:?}");
        let summary = case.result("summary.json");
        assert!(summary.contains("\"records\": 2") && summary.contains("\"rejected\": 1"), "{summary}");
        assert!(case.result("manifest.json").contains("\"records.csv\": 1"), "of the rejected rows");
        assert_eq!(case.result("inputs/records.csv").lines().count(), 3, "accepted rows alone");
        assert!(case.replayed().contains("identical"));
    }
}

#[test]
fn a_month_of_which_the_suite_refuses_every_record_is_unusable_and_names_them() {
    let case = Case::new(&[LETTERS], &[ODD]);
    assert_eq!(case.close(), 2);
    assert!(case.result("rejected.csv").contains("ID_WITH_UNSEEN"), "{}", case.result("rejected.csv"));
    let left = std::fs::read_dir(case.bundle().with_file_name("result")).expect("a folder").count();
    assert_eq!(left, 1, "nothing but the rejected rows");
}

#[test]
fn messages_of_records_are_taken_kept_and_replayed_and_wrong_ones_cost_themselves_alone() {
    let records = "Mart,One,mart-a,T1,2026-03-02 09:00,2026-03-02 09:05,1001,chat,,,,10\n\
        Mart,One,mart-a,T2,2026-03-02 09:10,2026-03-02 09:15,1002,chat,,,,10\n";
    let replies = "account,external_id,at,by,device\nmart-a,T1,2026-03-02 09:00:25,agent,PC-1\n\
        mart-a,T1,2026-03-02 09:00:10.5,customer,\nmart-a,T1,2026-03-02 09:00:25,agent,PC-1\nmart-a,T9,2026-03-02 09:00:10,agent,\n\
        mart-a,T1,soon,agent,\nmart-a,T2,2026-03-02 11:00,agent,\n";
    let case = of_records(records, &[("replies.csv", replies)]);
    assert_eq!(case.close(), 3);
    assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1002 1000000"]);
    let kept = "account,external_id,at,by,device\nmart-a,T1,2026-03-02T01:00:10.5Z,customer,\n\
        mart-a,T1,2026-03-02T01:00:25Z,agent,PC-1\nmart-a,T2,2026-03-02T03:00:00Z,agent,\n";
    assert_eq!(case.result("inputs/replies.csv"), kept);
    let rejected: Vec<String> =
        case.table("rejected.csv").iter().skip(1).map(|row| row[..3].join(" ") + " " + &row[5]).collect();
    assert_eq!(rejected, ["replies.csv 5 external_id REPLY_RECORD_UNKNOWN", "replies.csv 6 at NO_TIME"]);
    let findings = case.result("findings.csv");
    assert!(findings.contains("DUPLICATE_ROW"), "{findings}");
    assert_eq!(findings.matches("REPLY_OUTSIDE_RECORD").count(), 1, "told once: {findings}");
    assert!(case.result("timings.json").contains("\"replies\""), "the step has its time");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn a_device_says_who_served_whether_it_is_somebodys_or_a_seat_that_somebody_is_rostered_on() {
    let head = format!("{},device\n", RECORDS.trim_end());
    let row = |id: &str, at: &str, device: &str| {
        format!("Mart,One,mart-a,{id},2026-03-02 {at},2026-03-02 {at}:30,,chat,,,,10,{device}\n")
    };
    let rows = [
        row("T1", "09:00", "PC-1"),
        row("T2", "09:10", "desk 12"),
        row("T3", "09:20", "till"),
        row("T4", "09:30", "PC-3"),
        row("T5", "09:40", "never heard of"),
        row("T6", "09:50", "PC\u{200b}1"),
        row("T7", "10:00", ""),
    ];
    let people = "employee_no,name,org_unit,position,grade,hired_on\n1001,Ann,East/Desk,agent,P1,2025-01-06\n\
        1002,Bo,East/Desk,agent,P1,2025-01-06\n1003,Cy,West/Desk,agent,P1,2025-01-06\n";
    let rosters = "employee_no,account,start,end,seat\n1001,mart-a,2026-03-02 08:30,2026-03-02 12:00,\n\
        1002,mart-a,2026-03-02 08:30,2026-03-02 12:00,A1\n";
    let devices =
        "device,employee_no,seat,from,to\nPC-1,1001,,,\ndesk 12,,A1,,\ntill,1001,,,\ntill,1002,,,\nPC-3,1003,,,\n";
    let records = format!("{head}{}", rows.concat());
    let files =
        [("records.csv", records.as_str()), ("people.csv", people), ("rosters.csv", rosters), ("devices.csv", devices)];
    let case = Case::new(&files, &[]);
    assert_eq!(case.close(), 3, "one device holds what nobody sees");
    let alone: Vec<_> = case.credits().into_iter().filter(|credit| credit.ends_with(" 1000000")).collect();
    assert_eq!(alone, ["T1 1001 1000000", "T2 1002 1000000"], "{:?}", case.credits());
    let table = case.table("attribution.csv");
    let device = table[0].iter().position(|column| column == "device").expect("the column");
    assert_eq!(table[1..].iter().filter(|row| row[device] == "1.000000").count(), 4, "{table:?}");
    let findings = case.result("findings.csv");
    let told =
        ["the device till is 1001's and 1002's at once", "the device PC-3 of somebody who was never", "never heard of"];
    assert!(told.iter().all(|told| findings.contains(told)) && findings.contains("DEVICE_OF_NOBODY"), "{findings}");
    assert!(case.result("rejected.csv").contains("records.csv,7,device"), "{}", case.result("rejected.csv"));
    assert!(case.result("inputs/records.csv").lines().next().is_some_and(|head| head.ends_with("record.device")));
    for (language, words) in [("en", "at the device desk 12"), ("zh-CN", "接待所用设备 desk 12")] {
        let (bundle, out) = (case.bundle(), case.bundle().with_file_name(language));
        let said = case.run(&["close", text(&bundle), "--out", text(&out), "--explain", "T2", "--lang", language]);
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.contains(words) && said.contains("1002 100 %"), "{said}");
    }
    assert!(case.replayed().contains("identical"));
}

#[test]
fn claims_credit_their_records_are_kept_and_replayed_and_wrong_ones_cost_themselves_alone() {
    let records = "Mart,One,mart-a,T1,2026-03-02 09:00,2026-03-02 09:05,,chat,,,,10\n\
        Mart,One,mart-a,T2,2026-03-02 09:20,2026-03-02 09:25,,chat,,,,10\n\
        Mart,One,mart-a,T3,2026-03-02 09:40,2026-03-02 09:45,,chat,,,,10\n";
    let rosters = "employee_no,account,start,end\n1001,mart-a,2026-03-02 08:00,2026-03-02 18:00\n\
        1002,mart-a,2026-03-02 08:00,2026-03-02 18:00\n";
    let claims = "account,at,employee_no,external_id,customer\nmart-a,2026-03-02 09:00:10,1002,T1,\n\
        mart-a,2026-03-02 09:00:10,1002,T1,\nmart-a,2026-03-02 09:19:30,1001,,\nmart-a,soon,1001,T3,\n\
        mart-a,2026-03-02 09:41,1001,T3,Ann\nmart-a,2026-03-02 09:50,1001,T9,\nmart-a,2026-04-01 00:00,1001,T9,\n";
    let case = of_records(records, &[("rosters.csv", rosters), ("claims.csv", claims)]);
    assert_eq!(case.close(), 3);
    let credits = case.credits();
    assert_eq!(credits[..2], ["T1 1002 1000000", "T2 1001 1000000"], "{credits:?}");
    let kept = "account,at,employee_no,external_id,customer\nmart-a,2026-03-02T01:00:10Z,1002,T1,\n\
        mart-a,2026-03-02T01:19:30Z,1001,,\nmart-a,2026-03-02T01:50:00Z,1001,T9,\n";
    assert_eq!(case.result("inputs/claims.csv"), kept);
    let rejected: Vec<String> =
        case.table("rejected.csv").iter().skip(1).map(|row| row[..3].join(" ") + " " + &row[5]).collect();
    assert_eq!(rejected, ["claims.csv 5 at NO_TIME", "claims.csv 6 customer CLAIM_NAMES_BOTH"]);
    let findings = case.result("findings.csv");
    let kinds = ["CLAIM_WITHOUT_RECORD", "DUPLICATE_ROW", "OUTSIDE_PERIOD"];
    assert!(kinds.iter().all(|kind| findings.contains(kind)), "{findings}");
    assert!(case.replayed().contains("identical"));
    // A version that reads none of it says how much there is.
    let claims = "account,at,employee_no\nmart-a,2026-03-02 09:00:10,1002\n";
    let policy = ("policy.yaml", "version: 2\n");
    let before = of_records(records, &[("rosters.csv", rosters), ("claims.csv", claims), policy]);
    assert_eq!(before.close(), 0);
    let findings = before.result("findings.csv");
    assert!(findings.contains("EVIDENCE_NOT_READ") && findings.contains("claims, 1; "), "{findings}");
    assert!(before.replayed().contains("identical"));
}
