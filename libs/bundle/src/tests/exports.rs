//! What spreadsheets and exports do to the cells by which rows are joined: read as they look, or said.

use super::*;

/// Records of account kf01, one after the other, with these customers.
fn customers(cells: &[&str]) -> Reading {
    let dir = good();
    let row = |(i, cell): (usize, &&str)| ROW.replace("R1", &format!("R{i}")).replace('\n', &format!(",{cell}\n"));
    let rows: String = cells.iter().enumerate().map(row).collect();
    put(&dir, "records.csv", format!("{}{rows}", HEAD.replace('\n', ",customer\n")));
    read(&dir)
}

fn of_records(reading: &Reading) -> Vec<Option<&str>> {
    let bundle = &reading.bundle;
    bundle.records.iter().map(|r| r.customer.map(|c| bundle.text(c))).collect()
}

/// Kind, subject, detail and count of each finding.
fn found(reading: &Reading) -> Vec<(String, String, String, u64)> {
    let findings = reading.bundle.findings.iter();
    findings.map(|f| (f.kind.to_string(), format!("{} {}", f.file, f.subject), en(&f.detail), f.count)).collect()
}

/// The sentence about the only row that is wrong.
fn wrong(reading: &Reading) -> String {
    let (_, column, reason) = only(reading);
    format!("{column}: {reason}")
}

#[test]
fn a_customer_is_what_it_looks_like() {
    let reading =
        customers(&["c1", "c\u{200b}1", "\u{feff}c1\u{a0}", "c\u{ad}1", "c 1", "c\u{a0}1", "c\u{202f}1", "c\u{2060}1"]);
    assert_eq!(
        of_records(&reading),
        [Some("c1"); 4].into_iter().chain([Some("c 1"); 3]).chain([Some("c1")]).collect::<Vec<_>>()
    );
    let detail = "5 cells hold characters that nobody sees: read without them (such as c 1)".to_owned();
    assert_eq!(found(&reading), [("cleaned_cell".to_owned(), "records.csv customer".to_owned(), detail, 5)]);
    let emoji = "小雨\u{1f469}\u{200d}\u{1f4bb}";
    assert_eq!(of_records(&customers(&[emoji])), [Some(emoji)]);
}

#[test]
fn a_customer_that_a_program_made_a_decimal_is_the_whole_number() {
    let reading = customers(&["88", "88.0", "88.00", "88.5", "0088"]);
    assert_eq!(of_records(&reading), [Some("88"), Some("88"), Some("88"), Some("88.5"), Some("0088")]);
    let found = found(&reading);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!((found[0].0.as_str(), found[0].3), ("damaged_id", 3));
    assert!(found[0].2.contains("88") && found[0].2.contains("leading zeros"), "{found:#?}");
    assert_eq!(found[1].2, "2 whole numbers are written as a decimal: read without it (such as 88.0)");
}

#[test]
fn a_customer_that_stands_for_nobody_is_empty() {
    let marks = ["-", "--", "—", "/", "NA", "null", "无", "暂无", "匿名用户", "游客"];
    let reading = customers(&marks);
    assert!(of_records(&reading).iter().all(Option::is_none), "{:?}", of_records(&reading));
    let found = found(&reading);
    assert_eq!((found.len(), found[0].0.as_str(), found[0].3), (1, "no_value", marks.len() as u64));
}

#[test]
fn a_value_in_place_of_which_a_spreadsheet_shows_an_error_is_told_as_lost() {
    let marks = ["#N/A", "#REF!", "＃Ｎ／Ａ", "####", "#VALUE!"];
    let reading = customers(&[&marks[..], &["-", "c1"]].concat());
    assert_eq!(of_records(&reading).into_iter().flatten().collect::<Vec<_>>(), ["c1"]);
    let told: Vec<_> = found(&reading).into_iter().map(|(kind, at, _, count)| (kind, at, count)).collect();
    let customer = |kind: &str, count| (kind.to_owned(), "records.csv customer".to_owned(), count);
    assert_eq!(told, [customer("damaged_id", 5), customer("no_value", 1)]);
    let lost = "5 cells hold what a spreadsheet shows in place of a value (such as ####): taken as empty";
    assert_eq!(found(&reading)[0].2, lost);

    let dir = good();
    let row = |id: &str, kind: &str, more: &str| {
        ROW.replace("R1", id).replace("presale", kind).replace('\n', &format!(",{more}\n"))
    };
    put(&dir, "people.csv", PEOPLE.replace("P2", "#N/A"));
    let rows = row("R1", "#N/A", "1,app") + &row("R2", "sale", "#REF!,#REF!") + &row("R3", "sale", "-,web");
    put(&dir, "records.csv", HEAD.replace('\n', ",score,channel\n") + &rows);
    let reading = read(&dir);
    assert!(reading.rejected.is_empty(), "{:#?}", reading.rejected);
    let told: Vec<_> = found(&reading).into_iter().map(|(kind, at, said, _)| format!("{kind} {at}: {said}")).collect();
    let one = "1 cell holds what a spreadsheet shows in place of a value";
    assert_eq!(
        told,
        [
            format!("damaged_id people.csv grade: {one} (such as #N/A): taken as empty"),
            format!("damaged_id records.csv channel: {one} (such as #REF!): taken as it is"),
            format!("damaged_id records.csv kind: {one} (such as #N/A): taken as empty"),
            format!("damaged_id records.csv score: {one} (such as #REF!): taken as empty"),
            "no_value records.csv score: 1 cell stands for no value (such as -): taken as empty".to_owned(),
        ]
    );
}

#[test]
fn cells_by_which_rows_are_joined_are_what_they_look_like_in_every_file() {
    let dir = good();
    let unseen = |text: &str, part: &str, with: &str| text.replacen(part, with, 1);
    put(&dir, "people.csv", unseen(PEOPLE, "杭州/客服/一组", "杭州/客\u{200b}服/一组"));
    let accounts = unseen(ACCOUNTS, "星河旗舰店", "星河\u{200b}旗舰店");
    put(&dir, "accounts.csv", unseen(&accounts, "杭州/客服", "杭州\u{feff}/客服"));
    put(&dir, "aliases.csv", "platform,alias,employee_no,from,to\nJD,小\u{200b}雨,1001,,\n");
    let row =
        ROW.replace("星河旗舰店", "星河旗\u{2060}舰店").replace("presale", "pre\u{200b}sale").replace("1001", "小雨");
    let number = ROW.replace("R1", "R2").replace("1001", "10\u{200b}01");
    put(&dir, "records.csv", format!("{HEAD}{row}{number}"));
    let reading = read(&dir);
    assert_eq!(wrong(&reading), "agent: it holds the character U+200B, which nobody sees");
    let bundle = &reading.bundle;
    assert_eq!(bundle.people[0].employments[0].org_unit, bundle.people[1].employments[0].org_unit);
    assert_eq!(bundle.accounts.len(), read(&good()).bundle.accounts.len());
    assert_eq!(bundle.text(bundle.records[0].kind.expect("a kind")), "presale");
    let subjects: Vec<String> = found(&reading).into_iter().map(|f| format!("{} {}", f.0, f.1)).collect();
    for subject in [
        "accounts.csv store",
        "accounts.csv team",
        "aliases.csv alias",
        "people.csv org_unit",
        "records.csv kind",
        "records.csv store",
    ] {
        assert!(subjects.contains(&format!("cleaned_cell {subject}")), "{subject}: {subjects:?}");
    }
}

#[test]
fn numbers_of_people_and_ids_of_records_lose_the_decimal_that_a_program_added_in_every_file() {
    let dir = good();
    put(&dir, "people.csv", PEOPLE.replace("1001,", "1001.0,"));
    put(
        &dir,
        "records.csv",
        format!("{HEAD}{}{}", ROW.replace("R1", "77"), ROW.replace("R1", "77.0").replace(",1001,", ",1001.0,")),
    );
    put(&dir, "punches.csv", "employee_no,at,kind\n1001.00,2026-03-02 08:55,in\n1001,2026-03-02 17:00,out\n");
    let reading = read(&dir);
    assert!(reading.rejected.is_empty(), "{:#?}", reading.rejected);
    assert_eq!((ids(&reading), reading.bundle.punches.len()), (vec!["77"], 2));
    let said = found(&reading).into_iter().filter(|f| f.0 == "cleaned_cell").map(|f| f.1).collect::<Vec<_>>();
    assert_eq!(
        said,
        ["people.csv employee_no", "punches.csv employee_no", "records.csv agent", "records.csv external_id"]
    );
    assert!(kinds(&reading).contains(&"duplicate_record"));
}

#[test]
fn a_number_without_its_zeros_is_told_them_in_every_form() {
    for number in ["42", "42.0"] {
        let dir = good();
        put(&dir, "people.csv", format!("{PEOPLE}0042,Ann,HZ,,,2025-01-01,,\n"));
        put(
            &dir,
            "records.csv",
            format!("{HEAD}{ROW}{}", ROW.replace("R1", "R2").replace(",1001,", &format!(",{number},"))),
        );
        assert_eq!(wrong(&read(&dir)), "agent: 42 is not in people.csv (is 0042 meant?)");
    }
}

#[test]
fn what_a_spreadsheet_shows_where_a_formula_failed_is_no_name_of_anybody() {
    let failed = |column: &str, text: &str| {
        format!("{column}: '{text}' is what a spreadsheet shows where a formula failed, not a value")
    };
    for text in ["#N/A", "#REF!", "#VALUE!", "#NAME?", "＃N/A"] {
        let with = |old: &str, new: &str| records(&ROW.replace("R1", "R2").replace(old, new));
        assert_eq!(wrong(&with(",1001,", &format!(",{text},"))), failed("agent", text));
        assert_eq!(wrong(&with(",kf01,", &format!(",{text},"))), failed("account", text));
        assert_eq!(wrong(&with("R2", text)), failed("external_id", text));
        assert_eq!(wrong(&with(",5,", &format!(",{text},"))), failed("rating", text));
        let dir = good();
        put(&dir, "people.csv", format!("{PEOPLE}{text},X,HZ,,,2025-01-01,,\n"));
        assert_eq!(wrong(&read(&dir)), failed("employee_no", text));
        put(&dir, "people.csv", PEOPLE);
        put(&dir, "accounts.csv", format!("{ACCOUNTS}JD,{text},kf07,shared,1,,,,\n"));
        assert_eq!(wrong(&read(&dir)), failed("store", text));
    }
    let dir = good();
    put(&dir, "punches.csv", "employee_no,at,kind\n无,2026-03-02 08:55,in\n");
    assert_eq!(wrong(&read(&dir)), "employee_no: '无' stands for no value");
}

#[test]
fn a_mark_of_nothing_is_an_empty_cell_where_a_cell_may_be_empty() {
    for mark in ["-", "--", "—", "/", "null", "无"] {
        let dir = good();
        let row = format!(
            "JD,星河旗舰店,kf01,R1,2026-03-02 09:00,2026-03-02 09:05,{mark},{mark},{mark},{mark},{mark},{mark},{mark},{mark}\n"
        );
        let other = ROW.replace("R1", "R2").replace('\n', ",c1,3\n");
        put(&dir, "records.csv", format!("{}{row}{other}", HEAD.replace('\n', ",customer,score\n")));
        let reading = read(&dir);
        assert!(reading.rejected.is_empty(), "{mark}: {:#?}", reading.rejected);
        let r = &reading.bundle.records[0];
        let read = (r.agent, r.kind, r.first_reply_seconds, r.resolved, r.rating, r.amount_minor, r.customer);
        assert_eq!(read, Default::default(), "{mark}");
        let MeasureValues::Numbers(score) = &reading.bundle.measures[0].values else {
            panic!("{mark}: a column of numbers")
        };
        assert_eq!(score.iter().filter(|n| n.is_some()).count(), 1);
        let found = found(&reading);
        assert_eq!(found.iter().map(|f| (f.0.as_str(), f.3)).collect::<Vec<_>>(), [("no_value", 1); 8], "{found:#?}");
        assert!(found[0].2.contains(&format!("(such as {mark})")), "{found:#?}");
    }
}

#[test]
fn a_column_of_texts_keeps_its_marks_of_nothing() {
    let dir = good();
    let head = HEAD.replace('\n', ",channel\n");
    put(
        &dir,
        "records.csv",
        format!("{head}{}{}", ROW.replace('\n', ",none\n"), ROW.replace("R1", "R2").replace('\n', ",app\n")),
    );
    let bundle = read(&dir).bundle;
    assert!(matches!(bundle.measures[0].values, MeasureValues::Texts(_)) && bundle.findings.is_empty());
}

#[test]
fn a_number_with_spaces_between_its_digits_is_read_where_group_yaml_says_so_and_else_told_how() {
    for space in [" ", "\u{a0}", "\u{202f}", "\u{2009}"] {
        let amount = format!("\"1{space}234,50\"");
        let dir = good();
        put(&dir, "records.csv", format!("{HEAD}{ROW}{}", ROW.replace("R1", "R2").replace("199.00", &amount)));
        let reading = read(&dir);
        assert!(wrong(&reading).ends_with("has spaces between its digits"), "{}", wrong(&reading));
        assert!(en(&reading.rejected[0].cure).contains("grouping: space"));
        put(&dir, "group.yaml", "numbers: {decimal: \",\", grouping: space}\n");
        put(&dir, "records.csv", format!("{HEAD}{}", ROW.replace("12.5", "\"12,5\"").replace("199.00", &amount)));
        let reading = read(&dir);
        assert!(reading.rejected.is_empty(), "{:#?}", reading.rejected);
        assert_eq!(reading.bundle.records[0].amount_minor, Some(123_450));
    }
}

#[test]
fn a_column_under_two_names_is_told_with_both() {
    let dir = good();
    put(&dir, "records.csv", format!("{HEAD}{ROW}").replace("rating", "满意度").replace("resolved", "评分"));
    let refusal = refused(&dir);
    assert_eq!(refusal.reason, "COLUMN_TWICE");
    assert_eq!(en(&refusal.problem), "the column rating comes twice, as “评分” and as “满意度”");
}

#[test]
fn records_without_a_row_are_told_apart_from_records_that_are_wrong() {
    let dir = good();
    put(&dir, "group.yaml", "period: {from: 2026-03-01, to: 2026-03-31}\n");
    put(&dir, "records.csv", HEAD);
    let refusal = refused(&dir);
    assert_eq!((refusal.reason, en(&refusal.problem).as_str()), ("NO_RECORDS", "it has a header and no row below it"));
    assert!(en(&refusal.cure).contains("export"), "{refusal}");
}

#[test]
fn a_last_day_beyond_the_calendar_of_people_is_no_end() {
    for end in ["9999-12-31", "9999/12/31", "4712-12-31", "2999年12月31日"] {
        let dir = good();
        put(&dir, "people.csv", PEOPLE.replace("2026-03-16", end));
        put(&dir, "aliases.csv", format!("platform,alias,employee_no,from,to\nJD,小雨,1001,2026-03-01,{end}\n"));
        let reading = read(&dir);
        assert!(reading.rejected.is_empty(), "{end}: {:#?}", reading.rejected);
        assert_eq!(
            (reading.bundle.people[1].employments[0].left_on, reading.bundle.aliases[0].to),
            (None, None),
            "{end}"
        );
    }
    let dir = good();
    put(&dir, "people.csv", PEOPLE.replace("2025-01-13,2026-03-16", "9999-12-31,"));
    assert_eq!(wrong(&read(&dir)), "hired_on: '9999-12-31' is not a date");
}

#[test]
fn an_end_in_an_hour_that_came_twice_is_told_to_write_offsets_only_where_they_help() {
    let row = |start: &str, end: &str| format!("Vipshop,柏林店,berlin,B1,{start},{end},,,,,,\n");
    let dir = good();
    put(&dir, "group.yaml", "period: {from: 2026-10-01, to: 2026-10-31}\n");
    let good_row = row("2026-10-02 09:00", "2026-10-02 09:05").replace("B1", "B2");
    for (start, end) in [("2026-10-25 02:50", "2026-10-25 01:50"), ("2026-10-25 03:05", "2026-10-25 02:10")] {
        put(&dir, "records.csv", format!("{HEAD}{good_row}{}", row(start, end)));
        let reading = read(&dir);
        assert!(wrong(&reading).contains("before it begins"), "{}", wrong(&reading));
        assert_eq!(en(&reading.rejected[0].cure), "correct the times, or swap the two columns");
    }
    put(&dir, "records.csv", format!("{HEAD}{good_row}{}", row("2026-10-25T02:50:00+01:00", "2026-10-25 02:50")));
    let reading = read(&dir);
    assert!(reading.rejected.is_empty(), "an end at the start is one: {:#?}", reading.rejected);
}

#[test]
fn a_record_that_lasts_days_is_told_of_and_one_that_lasts_months_is_rejected() {
    let row = |id: &str, end: &str| format!("JD,星河旗舰店,kf01,{id},2026-03-02 09:00,{end},,,,,,\n");
    let reading =
        records(&(row("L1", "2026-03-30 09:00") + &row("L2", "2026-03-03 09:00") + &row("L3", "2026-03-03 08:59")));
    assert_eq!(
        found(&reading).into_iter().map(|f| (f.0, f.2, f.3)).collect::<Vec<_>>(),
        [(
            "long_record".to_owned(),
            "2 records last 24 hours or longer (such as L1): its times may be those of a case that nobody closed"
                .to_owned(),
            2,
        )]
    );
    let reading = records(&row("L4", "2199-03-30 09:00"));
    assert!(wrong(&reading).starts_with("ended_at: it lasts 63"), "{}", wrong(&reading));
}

#[test]
fn records_outside_the_period_are_counted_and_one_is_named() {
    let dir = good();
    put(&dir, "group.yaml", "period: {from: 2026-03-01, to: 2026-03-31}\n");
    let later = |id: &str| ROW.replace("R1", id).replace("2026-03", "2026-05");
    put(&dir, "records.csv", format!("{HEAD}{ROW}{}{}", later("R3"), later("R2")));
    let [(kind, _, detail, count)] = &found(&read(&dir))[..] else { panic!("one finding") };
    assert_eq!((kind.as_str(), *count), ("outside_period", 2));
    assert_eq!(
        detail,
        "2 records do not begin from 2026-03-01 to 2026-03-31 and were left out (such as 2026-05-02 R2)"
    );
}

#[test]
fn two_apostrophes_are_no_text_marker() {
    let reading = records(&(ROW.replace("R1", "''q") + &ROW.replace("R1", "'0042") + &ROW.replace("R1", "''=1")));
    assert_eq!(ids(&reading), ["''q", "'=1", "0042", "R1"]);
}

#[test]
fn a_separator_that_a_file_names_is_told_by_its_sign() {
    let dir = good();
    put(&dir, "records.csv", format!("sep=|\n{HEAD}{ROW}").replace(',', "|"));
    let reading = read(&dir);
    let told: Vec<String> = reading.bundle.findings.iter().map(|finding| en(&finding.detail)).collect();
    assert!(told.contains(&"columns are separated by the sign |".to_owned()), "{told:?}");
}

#[test]
fn a_line_that_names_the_separator_is_understood_when_a_spreadsheet_saved_it_again() {
    for line in ["sep=,,,,,,", "\"sep=,\",,,,,", "sep=;,,,,,", "sep=,"] {
        let dir = good();
        put(&dir, "records.csv", format!("{line}\n{HEAD}{ROW}"));
        assert_eq!(ids(&read(&dir)), ["R1"], "{line}");
    }
}

#[test]
fn a_line_that_names_another_separator_than_the_header_has_is_told_so() {
    for (named, has) in [(";", ","), (",", ";"), ("|", ","), (";", "\t")] {
        let dir = good();
        put(&dir, "records.csv", format!("sep={named}\n{}", format!("{HEAD}{ROW}").replace(',', has)));
        let refusal = refused(&dir);
        let sign = if has == "\t" { "tabs".to_owned() } else { format!("`{has}`") };
        let said = format!(": its first line says `sep={named}`, and the header below it is separated by {sign}");
        assert!(refusal.reason == "NOT_CSV" && en(&refusal.problem).ends_with(&said), "{refusal}");
        assert_eq!(en(&refusal.cure), "delete the line with `sep=`, or save the file again with one separator");
        assert!(refusal.told(Locale::ZhCn).contains(&format!("第一行写着 `sep={named}`")), "{refusal}");
    }
    let dir = good();
    put(&dir, "records.csv", "sep=;\na\nb\n");
    assert!(!en(&refused(&dir).problem).contains("sep="), "a header without any separator contradicts nothing");
}

#[test]
fn a_formula_around_a_text_is_taken_off_in_names_of_people_units_and_stores_too() {
    let dir = good();
    let shielded = |text: &str, names: &[&str]| {
        names.iter().fold(text.to_owned(), |text, name| text.replace(name, &format!("\"=\"\"{name}\"\"\"")))
    };
    put(&dir, "people.csv", shielded(PEOPLE, &["王芳", "杭州/客服/一组", "P2", "agent"]));
    put(&dir, "accounts.csv", shielded(ACCOUNTS, &["星河旗舰店", "杭州/客服,".trim_end_matches(',')]));
    put(&dir, "records.csv", HEAD.to_owned() + &shielded(ROW, &["星河旗舰店", "presale"]));
    put(&dir, "aliases.csv", "platform,alias,employee_no,from,to\nJD,\"=\"\"小王\"\"\",1001,,\n");
    put(&dir, "rosters.csv", "employee_no,account,start,end\n1001,=\"berlin\",2026-03-02 09:00,2026-03-02 17:00\n");
    let plain = good();
    put(&plain, "aliases.csv", "platform,alias,employee_no,from,to\nJD,小王,1001,,\n");
    put(&plain, "rosters.csv", "employee_no,account,start,end\n1001,berlin,2026-03-02 09:00,2026-03-02 17:00\n");
    let (shielded, plain) = (read(&dir), read(&plain));
    assert!(shielded.rejected.is_empty(), "{:#?}", shielded.rejected);
    assert_eq!(shielded.bundle, plain.bundle);
}

#[test]
fn a_formula_that_belongs_to_a_text_stays_and_is_read_back_to_the_letter() {
    let dir = good();
    for (written, name) in [("'=\"\"x\"\"", "=\"x\""), ("=\"\"a\"\"&\"\"b\"\"", "=\"a\"&\"b\""), ("=\"\"=x\"\"", "=x")]
    {
        put(&dir, "people.csv", PEOPLE.replace("王芳", &format!("\"{written}\"")));
        let first = read(&dir).bundle;
        assert_eq!(first.people[0].name, name);
        let inputs = TempDir::new().expect("a folder");
        write_normalised(&first, inputs.path(), Locale::En).expect("written");
        let literal = Options { literal: true, ..Options::default() };
        let again = read_bundle(inputs.path(), literal, &mut |_, _| {}).expect("the canonical form is usable");
        assert_eq!(again.bundle.people[0].name, name);
    }
}
