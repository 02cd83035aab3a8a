//! What is understood although it is not written as the documentation asks.

use encoding_rs::{GBK, UTF_16LE};
use jiff::civil::date;
use rust_decimal::Decimal;

use super::*;

fn utf16(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
}

/// All three files in another encoding read to the same bundle, with a finding each.
fn in_encoding(encode: impl Fn(&str) -> Vec<u8>, name: &str) {
    let dir = good();
    for (file, text) in [("people.csv", PEOPLE), ("accounts.csv", ACCOUNTS), ("records.csv", &format!("{HEAD}{ROW}"))] {
        put(&dir, file, encode(text));
    }
    let reading = read(&dir);
    let found: Vec<_> =
        reading.bundle.findings.iter().map(|f| (f.kind.into(), f.subject.as_str(), f.file.as_str())).collect();
    let converted = |file| ("converted_encoding", name, file);
    assert_eq!(found, [converted("accounts.csv"), converted("people.csv"), converted("records.csv")].map(|f| f));
    assert_eq!(Bundle { findings: Vec::new(), ..reading.bundle }, read(&good()).bundle);
}

#[test]
fn gbk_is_detected_and_converted() {
    in_encoding(|text| GBK.encode(text).0.into_owned(), "GBK");
}

#[test]
fn utf16_is_detected_and_converted_with_and_without_its_mark() {
    in_encoding(|text| [&[0xff, 0xfe][..], &utf16(text, false)].concat(), "UTF-16LE");
    in_encoding(|text| [&[0xfe, 0xff][..], &utf16(text, true)].concat(), "UTF-16BE");
    in_encoding(|text| utf16(text, false), "UTF-16LE");
    in_encoding(|text| utf16(text, true), "UTF-16BE");
    assert_eq!(UTF_16LE.name(), "UTF-16LE");
}

#[test]
fn one_chinese_name_at_the_end_of_a_long_file_is_enough_to_know_gbk() {
    let dir = good();
    let mut people = String::from("employee_no,name,org_unit,position,grade,hired_on\n");
    for n in 0..20_000 {
        people.push_str(&format!("E{n},Somebody,East/Chat,agent,P1,2024-01-01\n"));
    }
    people.push_str("1001,张伟,East/Chat,agent,P1,2024-01-01\n");
    put(&dir, "people.csv", GBK.encode(&people).0);
    let reading = read(&dir);
    let person = reading.bundle.find_person("1001").expect("the last row");
    assert_eq!(reading.bundle.person(person).name, "张伟");
}

#[test]
fn short_chinese_texts_in_gbk_are_not_taken_for_another_encoding() {
    for name in ["李雷", "王", "欧阳娜娜", "刘德华", "陈", "赵敏", "孙悟空", "周", "吴", "诸葛亮", "客服小美"]
    {
        let dir = good();
        let people = format!("employee_no,name,org_unit,position,grade,hired_on\n1001,{name},HZ,,,2024-01-01\n");
        put(&dir, "people.csv", GBK.encode(&people).0);
        assert_eq!(read(&dir).bundle.people[0].name, name);
    }
}

#[test]
fn a_name_that_happens_to_look_like_utf8_is_read_as_the_other_files_are() {
    let dir = good();
    let people = "employee_no,name,org_unit,position,grade,hired_on\n1001,郑,HZ,,,2024-01-01\n";
    put(&dir, "people.csv", GBK.encode(people).0);
    put(&dir, "accounts.csv", GBK.encode(ACCOUNTS).0);
    put(&dir, "records.csv", GBK.encode(&format!("{HEAD}{ROW}")).0);
    assert_eq!(read(&dir).bundle.people[0].name, "郑");
}

#[test]
fn a_byte_order_mark_crlf_quoted_newlines_and_blank_lines_are_fine() {
    let dir = good();
    let row = ROW.replace("presale", "\"pre\nsale\"");
    put(&dir, "records.csv", format!("\u{feff}{HEAD}\n{row}\n,,,,,,,,,,,\n\n").replace('\n', "\r\n"));
    let reading = read(&dir);
    assert!(reading.rejected.is_empty() && reading.bundle.findings.is_empty());
    let kind = reading.bundle.records[0].kind.expect("a kind");
    assert_eq!(reading.bundle.text(kind), "pre\r\nsale");
}

#[test]
fn full_width_digits_and_points_are_folded() {
    let plain = records("JD,星河旗舰店,kf01,R2,2026-03-03 09:00,2026-03-03 10:00,1001,,12.5,1,4.5,19.90\n");
    let wide = records(
        "ＪＤ,星河旗舰店,ｋｆ０１,Ｒ２,２０２６－０３－０３　０９：００,２０２６／３／３ １０：００,１００１,,１２．５,１,４．５,１９．９０\n",
    );
    assert_eq!(plain.bundle, wide.bundle);
    assert!(wide.rejected.is_empty());
}

#[test]
fn header_names_are_trimmed_and_of_any_case_and_order() {
    let dir = good();
    let people = "HIRED_ON, Name ,Employee_No,org_unit,GRADE,position,LEFT_ON,zone\n\
        2024-05-06,王芳,1001,杭州/客服/一组,P2,客服,,\n2025-01-13,Li Wei,1002,杭州/客服/一组,P1,客服,2026-03-16,\n\
        2025-01-13,Ana,2001,Berlin/Chat,P1,agent,,Europe/Berlin\n";
    put(&dir, "people.csv", people);
    assert_eq!(read(&dir).bundle, read(&good()).bundle);
}

#[test]
fn a_kind_of_employment_is_read_in_both_languages_dated_and_refused_by_name() {
    use tally_kernel::person::EmploymentKind::{Agency, FullTime, Intern};
    let dir = good();
    let header = "employee_no,name,org_unit,position,grade,hired_on,left_on,用工形式\n";
    let rows = "1001,王芳,杭州/客服,客服,P2,2024-05-06,2026-03-15,实习生\n1001,王芳,杭州/客服,客服,P2,2026-03-16,,Full-Time\n\
        1002,Li Wei,杭州/客服,客服,P1,2025-01-13,,劳务派遣\n1003,Ana,杭州/客服,客服,P1,2025-01-13,,\n1004,Bo,杭州/客服,,,2025-01-13,,temp\n";
    put(&dir, "people.csv", format!("{header}{rows}"));
    let reading = read(&dir);
    let kinds_of = |p: &BundlePerson| p.employments.iter().map(|e| e.kind).collect::<Vec<_>>();
    let read_kinds: Vec<_> = reading.bundle.people.iter().map(kinds_of).collect();
    assert_eq!(read_kinds, [vec![Some(Intern), Some(FullTime)], vec![Some(Agency)], vec![None]]);
    assert_eq!(kinds(&reading), ["transfer"], "another kind is another stretch");
    let wrong = &reading.rejected[0];
    assert_eq!((wrong.line, wrong.column.as_str()), (6, "employment_kind"));
    assert!(en(&wrong.reason).contains("temp"), "{}", en(&wrong.reason));
    let out = TempDir::new().expect("a temporary folder");
    let written = |dir: &TempDir| {
        write_normalised(&read(dir).bundle, out.path(), Locale::En).expect("written");
        fs::read_to_string(out.path().join("people.csv")).expect("people.csv")
    };
    assert!(written(&dir).contains("2026-03-15,Asia/Shanghai,intern\n"), "{}", written(&dir));
    assert_eq!(read_at(out.path()).expect("usable").bundle.people, reading.bundle.people);
    assert!(!written(&good()).contains("employment_kind"), "bundles without it are the same bytes as before");
}

#[test]
fn contributors_stand_in_one_cell_are_read_in_order_and_refused_by_name() {
    let records = |cells: &[&str]| {
        let dir = good();
        let row =
            |(n, cell): (usize, &&str)| format!("{},{cell}\n", ROW.trim_end().replace(",R1,", &format!(",R{n},")));
        let rows: String = cells.iter().enumerate().map(row).collect();
        put(&dir, "records.csv", format!("{},contributors\n{rows}", HEAD.trim_end()));
        dir
    };
    let dir = records(&["closer=1002; first_answer=1001", "", "seller=1001", "closer=9999", "closer=1001;closer=1001"]);
    let reading = read(&dir);
    let named = |r: &Record| r.contributors.map(|cell| reading.bundle.text(cell).to_owned());
    let read_named: Vec<_> = reading.bundle.records.iter().map(named).collect();
    let unknown = Some("closer=9999".to_owned());
    assert_eq!(read_named, [Some("first_answer=1001;closer=1002".to_owned()), None, unknown], "as in the suite");
    let told =
        reading.bundle.findings.iter().find(|found| found.kind == FindingKind::ContributorUnknown).expect("told");
    assert!(en(&told.detail).contains("9999") && en(&told.detail).contains("aliases.csv"), "{told:?}");
    let wrong: Vec<_> = reading.rejected.iter().map(|wrong| (wrong.line, wrong.column.as_str())).collect();
    assert_eq!(wrong, [(4, "contributors"), (6, "contributors")]);
    for (wrong, what) in reading.rejected.iter().zip(["\"seller\" is no role", "names closer=1001 twice"]) {
        let [english, chinese] = [Locale::En, Locale::ZhCn].map(|locale| tally_i18n::text(locale, &wrong.reason));
        assert!(english.contains(what) && chinese != english, "{english} {chinese}");
    }
    let out = TempDir::new().expect("a temporary folder");
    write_normalised(&reading.bundle, out.path(), Locale::En).expect("written");
    let literal = Options { literal: true, ..Options::default() };
    let again = read_bundle(out.path(), literal, &mut |_, _| {}).expect("usable");
    let named = |r: &Record| r.contributors.map(|cell| again.bundle.text(cell).to_owned());
    assert_eq!(again.bundle.records.iter().map(named).collect::<Vec<_>>(), read_named, "as it was written");
    assert!(again.rejected.is_empty());
    write_normalised(&read(&good()).bundle, out.path(), Locale::En).expect("written");
    let plain = fs::read_to_string(out.path().join("records.csv")).expect("records.csv");
    assert!(!plain.contains("record."), "bundles without contributors are the same bytes as before: {plain}");
}

#[test]
fn tabs_and_semicolons_separate_too_with_a_finding() {
    for separator in ["\t", ";"] {
        let dir = good();
        put(&dir, "records.csv", format!("{HEAD}{ROW}").replace(',', separator));
        let reading = read(&dir);
        assert_eq!(kinds(&reading), ["converted_separator"]);
        assert_eq!(reading.bundle.records, read(&good()).bundle.records);
    }
}

#[test]
fn times_are_local_to_the_account_and_punches_local_to_the_person() {
    let dir = good();
    let row = "Vipshop,柏林店,berlin,B1,2026-03-02 09:00,2026-03-02T08:10:00Z,,,,,,\n";
    put(&dir, "records.csv", format!("{HEAD}{row}"));
    put(&dir, "punches.csv", "employee_no,at,kind\n2001,2026-03-02 08:55,in\n1001,2026-03-02 08:55,IN\n");
    put(&dir, "rosters.csv", "employee_no,account,start,end\n2001,berlin,2026-03-02 22:00,2026-03-03 06:00\n");
    put(&dir, "handovers.csv", "account,employee_no,at,kind\nberlin,1001,2026-03-02 09:00,take\n");
    let bundle = read(&dir).bundle;
    assert_eq!(bundle.records[0].started_at.to_string(), "2026-03-02T08:00:00Z");
    assert_eq!(bundle.records[0].ended_at.to_string(), "2026-03-02T08:10:00Z");
    let at: Vec<String> = bundle.punches.iter().map(|p| p.at.to_string()).collect();
    assert_eq!(at, ["2026-03-02T00:55:00Z", "2026-03-02T07:55:00Z"]);
    assert_eq!(bundle.rosters[0].start.to_string(), "2026-03-02T21:00:00Z");
    assert_eq!(bundle.handovers[0].at.to_string(), "2026-03-02T08:00:00Z");
}

#[test]
fn empty_cells_are_not_measured() {
    let reading = records("JD,星河旗舰店,kf01,R2,2026-03-03 09:00,2026-03-03 10:00,,,,,,\n");
    let r = reading.bundle.records.iter().find(|r| reading.bundle.text(r.external_id) == "R2").expect("it is there");
    assert_eq!(
        (r.agent, r.kind, r.first_reply_seconds, r.resolved, r.rating, r.amount_minor, r.customer),
        Default::default()
    );
}

#[test]
fn other_columns_become_numbers_or_texts_and_valueless_ones_vanish() {
    let dir = good();
    let head = HEAD.replace('\n', ",customer,Words,channel,nothing\n");
    let rows = ROW.replace('\n', ",c9,１２.50,app,\n") + &ROW.replace("R1", "R2").replace('\n', ",,,7,\n");
    put(&dir, "records.csv", format!("{head}{rows}"));
    let bundle = read(&dir).bundle;
    assert_eq!(bundle.measures.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["channel", "words"]);
    let MeasureValues::Texts(channel) = &bundle.measures[0].values else { panic!("channel has a text") };
    assert_eq!(channel.iter().map(|s| s.map(|s| bundle.text(s))).collect::<Vec<_>>(), [Some("app"), Some("7")]);
    assert_eq!(bundle.measures[1].values, MeasureValues::Numbers(vec![Some(Decimal::new(125, 1)), None]));
    assert_eq!(bundle.records[0].customer.map(|c| bundle.text(c)), Some("c9"));
}

#[test]
fn agents_are_numbers_or_dated_aliases_of_the_platform() {
    let dir = good();
    put(
        &dir,
        "aliases.csv",
        "platform,alias,employee_no,from,to\nJD,小雨,1002,,2026-03-10\nJD,小雨,1001,2026-03-11,\n",
    );
    let row = |id: &str, day: u8, agent: &str| {
        format!("JD,星河旗舰店,kf01,{id},2026-03-{day:02} 09:00,2026-03-{day:02} 09:01,{agent},,,,,\n")
    };
    let rows = [row("A", 10, "小雨"), row("B", 11, "小雨"), row("C", 12, "1002")].concat();
    put(&dir, "records.csv", format!("{HEAD}{rows}"));
    let bundle = read(&dir).bundle;
    let served: Vec<_> =
        bundle.records.iter().map(|r| r.agent.map(|a| bundle.person(a).employee_no.as_str())).collect();
    assert_eq!(served, [Some("1002"), Some("1001"), Some("1002")]);
}

#[test]
fn an_account_is_its_name_where_unique_and_its_path_everywhere() {
    let dir = good();
    put(
        &dir,
        "rosters.csv",
        "employee_no,account,start,end\n\
        1001,kf01,2026-03-02 09:00,2026-03-02 17:00\n\
        1001,Tmall/银河专营店/kf01,2026-03-03 09:00,2026-03-03 17:00\n\
        1001,berlin,2026-03-04 09:00,2026-03-04 17:00\n",
    );
    put(&dir, "records.csv", format!("{HEAD}{}", ROW.replace("kf01", "JD/星河旗舰店/kf01")));
    let reading = read(&dir);
    let (line, column, reason) = only(&reading);
    assert_eq!((line, column), (2, "account"));
    assert!(reason.contains("several stores"), "{reason}");
    let bundle = &reading.bundle;
    let labels: Vec<String> = bundle.rosters.iter().map(|r| bundle.account_label(r.account)).collect();
    assert_eq!(labels, ["Tmall/银河专营店/kf01", "berlin"]);
    assert_eq!(bundle.account(bundle.records[0].account).path(), "JD/星河旗舰店/kf01");
}

#[test]
fn phases_are_by_date_and_the_first_holds_from_the_beginning() {
    let bundle = read(&good()).bundle;
    let kf01 = &bundle.accounts[0];
    assert_eq!(kf01.phase_on(date(2025, 1, 1)).kind, PhaseKind::Shared);
    assert_eq!(kf01.phase_on(date(2026, 3, 15)).kind, PhaseKind::Shared);
    assert_eq!(kf01.phase_on(date(2026, 3, 16)).kind, PhaseKind::Mixed);
    assert!(bundle.accounts[1].exclusive && !kf01.exclusive);
}

#[test]
fn the_period_is_the_month_that_holds_all_records_or_what_is_asked_for() {
    let dir = good();
    let march = Period { from: date(2026, 3, 1), to: date(2026, 3, 31) };
    assert_eq!(read(&dir).bundle.period, march);
    let april = ROW.replace("R1", "R2").replace("2026-03-02", "2026-04-02");
    put(&dir, "records.csv", format!("{HEAD}{ROW}{april}"));
    assert_eq!(refused(&dir).reason, "SEVERAL_MONTHS");
    put(&dir, "group.yaml", "period: {from: 2026-04-01, to: 2026-04-30}\n");
    let reading = read(&dir);
    assert_eq!(ids(&reading), ["R2"]);
    assert_eq!((kinds(&reading), reading.bundle.findings[0].count), (vec!["outside_period"], 1));
    let options = Options { from: Some(march.from), to: Some(march.to), ..Options::default() };
    let reading = read_bundle(dir.path(), options, &mut |_, _| {}).expect("usable");
    assert_eq!(ids(&reading), ["R1"]);
}

#[test]
fn an_empty_optional_file_is_a_finding() {
    let dir = good();
    put(&dir, "rosters.csv", "");
    put(&dir, "policy.yaml", "# nothing yet\n");
    assert_eq!(kinds(&read(&dir)), ["empty_file", "empty_file"]);
}

#[test]
fn misspelt_files_and_columns_are_findings_that_name_the_likely_one() {
    let dir = good();
    put(&dir, "roster.csv", "employee_no\n");
    put(&dir, "people.csv", PEOPLE.replace("left_on", "left_onn"));
    let reading = read(&dir);
    let details: Vec<String> = reading.bundle.findings.iter().map(|f| en(&f.detail)).collect();
    assert_eq!(
        details,
        ["nothing reads this column; is left_on meant?", "nothing reads this file; is rosters.csv meant?"]
    );
}

#[test]
fn a_measured_column_that_is_missing_is_a_finding() {
    let dir = good();
    put(&dir, "records.csv", format!("{HEAD}{ROW}").replace(",rating", "").replace(",5,", ","));
    let reading = read(&dir);
    assert_eq!(kinds(&reading), ["missing_column"]);
    assert_eq!(reading.bundle.records[0].rating, None);
}

#[test]
fn progress_goes_up_to_its_total() {
    let dir = good();
    put(&dir, "policy.yaml", "version: 1\n");
    let mut told = Vec::new();
    read_bundle(dir.path(), Options::default(), &mut |done, total| told.push((done, total))).expect("usable");
    assert!(told.is_sorted() && told.len() > 3);
    assert_eq!(told.last().map(|(done, total)| done == total), Some(true));
}

#[test]
fn a_name_that_was_made_harmless_for_a_spreadsheet_is_the_name() {
    let dir = good();
    put(&dir, "people.csv", PEOPLE.replace("Li Wei", "'=Li").replace("Ana", "'t Hooft"));
    let names: Vec<String> = read(&dir).bundle.people.into_iter().map(|p| p.name).collect();
    assert_eq!(names, ["王芳", "=Li", "'t Hooft"]);
}

#[test]
fn a_punch_or_hand_over_in_an_hour_that_came_twice_comes_after_what_begins_it() {
    let dir = good();
    let read_punches = |rows: &str| {
        put(&dir, "punches.csv", format!("employee_no,at,kind\n{rows}"));
        let reading = read(&dir);
        let at = reading.bundle.punches.iter().map(|p| p.at.to_string()[8..16].to_owned()).collect::<Vec<_>>();
        (at, reading.bundle.findings.iter().map(|f| f.detail.id().to_owned()).collect::<Vec<_>>())
    };
    let only_the_second = read_punches("2001,2026-10-25 02:50,in\n2001,2026-10-25 02:10,out\n");
    assert_eq!(only_the_second, (vec!["25T00:50".into(), "25T01:10".into()], vec!["SECOND_OF_TWO".to_owned()]));
    let back = read_punches(
        "2001,2026-10-24 22:00,in\n2001,2026-10-25 02:50,out\n2001,2026-10-25 02:10,in\n2001,2026-10-25 06:00,out\n",
    );
    assert_eq!(back.0, ["24T20:00", "25T00:50", "25T01:10", "25T05:00"], "{:?}", back.1);
    let both = read_punches("2001,2026-10-24 22:00,in\n2001,2026-10-25 02:10,out\n");
    assert_eq!(both, (vec!["24T20:00".into(), "25T00:10".into()], vec!["FIRST_OF_TWO".to_owned()]));
    put(&dir, "punches.csv", "employee_no,at,kind\n");
    let log = "account,employee_no,at,kind\nberlin,2001,2026-10-25 02:50,take\nberlin,2001,2026-10-25 02:10,release\n";
    put(&dir, "handovers.csv", log);
    let at: Vec<_> = read(&dir).bundle.handovers.iter().map(|h| h.at.to_string()[8..16].to_owned()).collect();
    assert_eq!(at, ["25T00:50", "25T01:10"]);
}

#[test]
fn a_short_row_that_ends_in_a_quoted_cell_of_two_lines_is_a_row_and_a_stray_quote_swallows_none() {
    let short = "JD,星河旗舰店,kf01,R2,2026-03-02 09:00,2026-03-02 09:05,1001,\"presale\nand more\"\n";
    let reading = records(&format!("{short}JD,星河旗舰店,kf01,R3,2026-03-02 09:00,2026-03-02 09:05,1001,,,,,\n"));
    assert_eq!(ids(&reading), ["R1", "R2", "R3"], "{:?}", reading.rejected);
    let stray = "JD,星河旗舰店,kf01,R2,2026-03-02 09:00,2026-03-02 09:05,1001,\"presale,1,yes,5,1\n\
        JD,星河旗舰店,kf01,R3,2026-03-02 09:00,2026-03-02 09:05,1001,sale\"\n";
    let reading = records(stray);
    assert_eq!(ids(&reading), ["R1", "R3"]);
    assert!(only(&reading).2.contains("quote"));
}
