//! replies.csv.

use jiff::Timestamp;
use proptest::prelude::*;
use tally_kernel::limits;

use super::*;

const REPLIES: &str = "account,external_id,at,by,device\n";
/// Of two accounts by the clock of Shanghai and one by that of Berlin.
const RECORDS: &str = "JD,星河旗舰店,kf01,R1,2026-03-02 09:00,2026-03-02 09:05,,,,,,\n\
    JD,星河旗舰店,kf01,R2,2026-03-02 10:00,2026-03-03 10:00,,,,,,\n\
    Tmall,银河专营店,kf01,R1,2026-03-02 11:00,2026-03-02 11:05,,,,,,\n\
    Vipshop,柏林店,berlin,B1,2026-03-29 01:30,2026-03-29 03:40,,,,,,\n";

fn month(rows: &str) -> TempDir {
    let dir = good();
    put(&dir, "records.csv", format!("{HEAD}{RECORDS}"));
    put(&dir, "replies.csv", format!("{REPLIES}{rows}"));
    put(&dir, "group.yaml", "zone: Asia/Shanghai\n");
    dir
}

fn replied(rows: &str) -> Reading {
    read(&month(rows))
}

/// Each message as account, id, time, side and device.
fn told(bundle: &Bundle) -> Vec<String> {
    let one = |reply: &Reply| {
        let record = bundle.record(reply.record);
        let (account, id, by) = (bundle.account_label(record.account), bundle.text(record.external_id), reply.by);
        format!("{account} {id} {} {} {}", reply.at, <&str>::from(by), bundle.device(reply).unwrap_or("-"))
    };
    bundle.replies.iter().map(one).collect()
}

fn findings(reading: &Reading) -> Vec<(&'static str, &str, String, u64)> {
    let of = |f: &Finding| f.file == "replies.csv";
    let one = |f: &'_ Finding| (<&str>::from(f.kind), en(&f.detail), f.count);
    let subjects = reading.bundle.findings.iter().filter(|f| of(f)).map(|f| f.subject.as_str());
    let others = reading.bundle.findings.iter().filter(|f| of(f)).map(one);
    subjects.zip(others).map(|(subject, (kind, detail, count))| (kind, subject, detail, count)).collect()
}

/// The rejected rows: line, column, code.
fn rejected(reading: &Reading) -> Vec<(u64, &str, &'static str)> {
    assert!(reading.rejected.iter().all(|row| row.file == "replies.csv" && !en(&row.cure).is_empty()));
    reading.rejected.iter().map(|row| (row.line, row.column.as_str(), row.code)).collect()
}

#[test]
fn messages_are_read_in_the_order_of_records_and_time_by_the_clock_of_the_account() {
    let reading = replied(
        "berlin,B1,2026-03-29 03:10:05.5,agent,seat 4\n\
         JD/星河旗舰店/kf01,R1,2026-03-02 09:04:59,agent,PC-7\n\
         JD/星河旗舰店/kf01,R1,2026-03-02T01:00:01Z,customer,\n\
         Tmall/银河专营店/kf01,R1,2026-03-02 11:00:20,Agent,-\n\
         JD/星河旗舰店/kf01,R1,2026-03-02 09:04:59,customer,PC-7\n\
         JD/星河旗舰店/kf01,R2,2026/3/3 9:59,agent,PC-10\n",
    );
    assert_eq!(rejected(&reading), []);
    assert_eq!(
        told(&reading.bundle),
        [
            "JD/星河旗舰店/kf01 R1 2026-03-02T01:00:01Z customer -",
            "JD/星河旗舰店/kf01 R1 2026-03-02T01:04:59Z customer PC-7",
            "JD/星河旗舰店/kf01 R1 2026-03-02T01:04:59Z agent PC-7",
            "JD/星河旗舰店/kf01 R2 2026-03-03T01:59:00Z agent PC-10",
            "Tmall/银河专营店/kf01 R1 2026-03-02T03:00:20Z agent -",
            "berlin B1 2026-03-29T01:10:05.5Z agent seat 4",
        ]
    );
    assert_eq!(findings(&reading).iter().map(|f| f.0).collect::<Vec<_>>(), ["no_value"]);
    assert_eq!(size_of::<Reply>(), 32, "there are millions of them");
}

#[test]
fn a_month_without_messages_is_a_month_and_so_is_one_with_a_header_alone() {
    let dir = good();
    let without = read(&dir).bundle;
    put(&dir, "replies.csv", REPLIES);
    assert_eq!(read(&dir).bundle, without);
    put(&dir, "replies.csv", "account,external_id,at,by\n");
    assert_eq!(read(&dir).bundle, without, "the column device may be missing");
    put(&dir, "replies.csv", "");
    let reading = read(&dir);
    assert_eq!((reading.rejected.len(), kinds(&reading)), (0, vec!["empty_file"]));
    assert_eq!(Bundle { findings: Vec::new(), ..reading.bundle }, without);
    let out = TempDir::new().expect("a folder");
    write_normalised(&without, out.path(), Locale::En).expect("written");
    assert!(!out.path().join("replies.csv").exists());
}

#[test]
fn columns_and_words_of_chinese_exports_are_understood() {
    let dir = month("");
    put(
        &dir,
        "replies.csv",
        "客服账号,会话ID,消息时间,发送方,工位\nberlin,B1,2026年3月29日 1:40:07,客服,12.0\nberlin,B1,2026-03-29 01:41,顾客,\n\
         berlin,B1,2026-03-29 01:42,客户,\nberlin,B1,2026-03-29 01:43,ＡＧＥＮＴ,\n",
    );
    let reading = read(&dir);
    assert_eq!(reading.rejected, []);
    let sides: Vec<&str> = reading.bundle.replies.iter().map(|reply| reply.by.into()).collect();
    assert_eq!(sides, ["agent", "customer", "customer", "agent"]);
    assert_eq!(reading.bundle.device(&reading.bundle.replies[0]), Some("12"));
}

#[test]
fn a_column_with_what_was_said_is_read_by_nobody() {
    let dir = month("");
    put(&dir, "replies.csv", "account,external_id,at,by,text\nberlin,B1,2026-03-29 01:40,agent,how are you\n");
    let reading = read(&dir);
    let [(kind, subject, ..)] = findings(&reading)[..] else { panic!("one finding") };
    assert_eq!((kind, subject, reading.bundle.replies.len()), ("unknown_column", "text", 1));
}

#[test]
fn a_row_that_says_nothing_sensible_is_rejected_with_its_column_and_costs_no_other() {
    let long = "d".repeat(limits::TEXT + 1);
    for (row, column, said) in [
        ("berlim,B1,2026-03-29 01:40,agent,", "account", "berlim is not in accounts.csv (is berlin meant?)"),
        ("kf01,R1,2026-03-02 09:01,agent,", "account", "several stores"),
        (",B1,2026-03-29 01:40,agent,", "account", "empty"),
        ("berlin,,2026-03-29 01:40,agent,", "external_id", "empty"),
        ("berlin,B2,2026-03-29 01:40,agent,", "external_id", "no record B2 in records.csv (is B1 meant?)"),
        ("berlin,R2,2026-03-29 01:40,agent,", "external_id", "but JD/星河旗舰店/kf01 has"),
        ("berlin,2.20661E+12,2026-03-29 01:40,agent,", "external_id", "shortened"),
        ("berlin,B1,yesterday,agent,", "at", "'yesterday'"),
        ("berlin,B1,,agent,", "at", "empty"),
        ("berlin,B1,2026-03-29 02:30,agent,", "at", "forward"),
        ("berlin,B1,2026-03-29 01:40,robot,", "by", "'robot' is neither agent nor customer"),
        ("berlin,B1,2026-03-29 01:40,,", "by", "neither agent nor customer"),
        (&format!("berlin,B1,2026-03-29 01:40,agent,{long}"), "device", "200"),
        ("berlin,B1,2026-03-29 01:40,agent,a,b", "", "6 cells"),
        ("berlin,B2,never,robot,", "external_id", "also"),
    ] {
        let reading = replied(&format!("{row}\nberlin,B1,2026-03-29 01:50,agent,PC-1\n"));
        let (line, found, reason) = only(&reading);
        assert_eq!((line, found), (2, column), "{row}: {reason}");
        assert!(reason.contains(said), "{row}: {reason}");
        assert_eq!(reading.bundle.replies.len(), 1, "{row}");
        let chinese = tally_i18n::text(Locale::ZhCn, &reading.rejected[0].reason);
        assert!(chinese != reason && chinese.chars().any(|c| c > '\u{2fff}'), "{chinese}");
    }
    let most = "d".repeat(limits::TEXT);
    assert_eq!(replied(&format!("berlin,B1,2026-03-29 01:40,agent,{most}\n")).rejected, []);
}

#[test]
fn an_id_that_lost_its_zeros_is_told_with_the_one_that_is_meant() {
    let dir = month("berlin,42,2026-03-29 01:40,agent,\n");
    let row = "Vipshop,柏林店,berlin,B1,2026-03-29 01:30,2026-03-29 03:40,,,,,,\n";
    put(&dir, "records.csv", format!("{HEAD}{RECORDS}{}{}", row.replace("B1", "00042"), row.replace("B1", "43")));
    let reading = read(&dir);
    assert!(only(&reading).2.ends_with("(is 00042 meant?)"), "{}", only(&reading).2);
}

#[test]
fn messages_of_records_that_are_not_in_the_bundle_are_told_by_what_became_of_the_record() {
    let rows = "berlin,B1,2026-03-29 01:40,agent,\nberlin,L1,2026-04-02 09:00:10,agent,\nberlin,L1,2026-04-02 09:00:20,customer,\n\
                berlin,X1,2026-03-29 01:40,agent,\nberlin,T1,2026-03-29 01:40,agent,\nberlin,N1,2026-03-29 01:40,agent,\n";
    let dir = month(rows);
    put(&dir, "group.yaml", "zone: Asia/Shanghai\nperiod: {from: 2026-03-01, to: 2026-03-31}\n");
    let row = |id: &str, start: &str, end: &str| format!("Vipshop,柏林店,berlin,{id},{start},{end},,,,,,\n");
    let more = row("L1", "2026-04-02 09:00", "2026-04-02 09:05")
        + &row("X1", "2026-03-29 09:00", "2026-03-29 08:00")
        + &row("T1", "2026-03-29 09:00", "2026-03-29 09:10")
        + &row("T1", "2026-03-29 09:00", "2026-03-29 09:11");
    put(&dir, "records.csv", format!("{HEAD}{RECORDS}{more}"));
    let mut refused = Refusals::default();
    refused.add(RowName::Record("Vipshop/柏林店/berlin".into(), "B1".into()), "NOT_HERE", "no".into(), "ask".into());
    let reading = read(&dir);
    let of_file = |reading: &Reading| -> Vec<(u64, String, &'static str)> {
        let rows = reading.rejected.iter().filter(|row| row.file == "replies.csv");
        rows.map(|row| (row.line, row.column.clone(), row.code)).collect()
    };
    let lost = |line| (line, "external_id".to_owned(), "ROWS_OF_RECORD_REJECTED");
    let unknown = (7, "external_id".to_owned(), "REPLY_RECORD_UNKNOWN");
    assert_eq!(of_file(&reading), [lost(5), lost(6), unknown.clone()]);
    assert_eq!(told(&reading.bundle), ["berlin B1 2026-03-29T00:40:00Z agent -"]);
    let said = "2 messages are of records that do not begin from 2026-03-01 to 2026-03-31 and were left out (such as berlin L1 \
                2026-04-02 09:00:10)";
    assert_eq!(findings(&reading), [("outside_period", "", said.to_owned(), 2)]);
    let options = Options { refused: Some(&refused), ..Options::default() };
    let again = read_bundle(dir.path(), options, &mut |_, _| {}).expect("usable");
    assert_eq!(of_file(&again), [lost(2), lost(5), lost(6), unknown]);
}

#[test]
fn messages_that_a_suite_refused_are_left_out_alone() {
    let dir = month(
        "berlin,B1,2026-03-29 01:40,agent,PC-9\nJD/星河旗舰店/kf01,R1,2026-03-02 09:01,agent,PC-7\nberlin,B1,2026-03-29 01:41,agent,\n",
    );
    let mut refused = Refusals::default();
    let row = RowName::Replies("Vipshop/柏林店/berlin".into(), "B1".into());
    refused.add(row, "RECORD_WITHDRAWN", Message::told("withdrawn"), Message::told("take them out"));
    let options = Options { refused: Some(&refused), ..Options::default() };
    let reading = read_bundle(dir.path(), options, &mut |_, _| {}).expect("usable");
    assert_eq!(rejected(&reading), [(2, "", "RECORD_WITHDRAWN"), (4, "", "RECORD_WITHDRAWN")]);
    assert_eq!(told(&reading.bundle), ["JD/星河旗舰店/kf01 R1 2026-03-02T01:01:00Z agent PC-7"]);
    assert_eq!(
        (reading.bundle.devices.len(), reading.bundle.devices.find("PC-9")),
        (1, None),
        "nobody names it any more"
    );
}

#[test]
fn messages_outside_of_their_record_are_kept_and_left_to_the_closing_to_tell() {
    let reading = replied(
        "JD/星河旗舰店/kf01,R1,2026-03-02 08:58:59,customer,\nJD/星河旗舰店/kf01,R1,2026-03-02 09:06:01,agent,\n\
         JD/星河旗舰店/kf01,R2,2026-03-03 10:07,agent,\nberlin,B1,2026-03-29 03:50,agent,\n",
    );
    assert_eq!((reading.rejected.len(), reading.bundle.replies.len()), (0, 4));
    assert_eq!(findings(&reading), []);
}

#[test]
fn messages_that_an_export_doubled_are_taken_once() {
    let row = "berlin,B1,2026-03-29 01:40:10,agent,PC-1\n";
    let others = "berlin,B1,2026-03-29 01:40:10,customer,PC-1\nberlin,B1,2026-03-29 01:40:10,agent,\nberlin,B1,2026-03-29 01:40:11,agent,PC-1\n";
    let reading = replied(&format!("{row}{others}{row}{row}"));
    assert_eq!((reading.rejected.len(), reading.bundle.replies.len()), (0, 4));
    let said = "equal rows were taken once (2 left out)".to_owned();
    assert_eq!(findings(&reading), [("duplicate_row", "", said, 2)]);
}

#[test]
fn of_a_record_with_more_messages_than_one_has_the_first_count_and_the_others_are_told_once() {
    let most = limits::REPLIES_PER_RECORD;
    let at =
        |n: usize| "2026-03-02T02:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(n as i64);
    let row = |n: usize| format!("JD/星河旗舰店/kf01,R2,{},agent,PC-{}\n", at(n), n / most);
    let other = "berlin,B1,2026-03-29 01:40:10,agent,PC-1\nberlin,B9,2026-03-29 01:40:10,agent,\n";
    let full = replied(&(0..most).map(row).collect::<String>());
    assert_eq!((full.rejected.len(), full.bundle.replies.len()), (0, most));
    // Backwards: what is taken does not depend on the order of rows.
    let rows: String = (0..most + 150_000).rev().map(row).collect();
    let reading = replied(&format!("{rows}{other}"));
    assert_eq!(reading.bundle.replies[..most], full.bundle.replies[..]);
    assert_eq!((reading.bundle.replies.len(), reading.rejected_rows["replies.csv"]), (most + 1, 150_001));
    let unknown = 3 + most as u64 + 150_000;
    assert_eq!(
        rejected(&reading),
        [(2, "external_id", "REPLIES_TOO_MANY"), (unknown, "external_id", "REPLY_RECORD_UNKNOWN")]
    );
    let said = "the record R2 of JD/星河旗舰店/kf01 has 170000 messages: the first 20000 are taken, and the other 150000, from \
                2026-03-02T15:33:20+08:00 on, are not";
    assert_eq!(findings(&reading), [("replies_too_many", "JD/星河旗舰店/kf01/R2", said.to_owned(), 150_000)]);
    assert_eq!(en(&reading.rejected[0].reason), said);
}

#[test]
fn a_time_that_came_twice_is_the_one_that_lies_in_the_record() {
    let dir = month(
        "berlin,B1,2026-10-25 02:10:00,agent,\nberlin,B2,2026-10-25 02:10:00,agent,\nberlin,B3,2026-10-25 02:10:00,agent,\n",
    );
    let row = |id: &str, start: &str, end: &str| format!("Vipshop,柏林店,berlin,{id},{start},{end},,,,,,\n");
    let rows = row("B1", "2026-10-25T02:05:00+02:00", "2026-10-25T02:20:00+02:00")
        + &row("B2", "2026-10-25T02:05:00+01:00", "2026-10-25T02:20:00+01:00")
        + &row("B3", "2026-10-25T02:05:00+02:00", "2026-10-25T02:20:00+01:00");
    put(&dir, "records.csv", format!("{HEAD}{rows}"));
    let reading = read(&dir);
    let times = ["B1 2026-10-25T00:10:00Z", "B3 2026-10-25T00:10:00Z", "B2 2026-10-25T01:10:00Z"];
    assert_eq!(told(&reading.bundle), times.map(|time| format!("berlin {time} agent -")));
    let said = [
        "clocks went back, and in 1 row a time without an offset that they showed twice is the first of the two (such as berlin B3 \
         2026-10-25 02:10:00): write the offset to say which is meant",
        "clocks went back, and the time of 1 message is the second time that they showed it: the first does not lie in the record (such as \
         berlin B2 2026-10-25 02:10:00)",
    ];
    assert_eq!(findings(&reading), said.map(|said| ("hour_twice", "", said.to_owned(), 1)));
}

#[test]
fn messages_of_a_bundle_without_records_are_rejected_and_nothing_else_is_lost() {
    let dir = good();
    fs::remove_file(dir.path().join("records.csv")).expect("a file");
    put(&dir, "group.yaml", "period: {from: 2026-03-01, to: 2026-03-31}\n");
    let measure = "measures: [{name: cost, unit: money, of: {observation: {aggregation: sum, subject: person}}}]\n";
    let scheme = "name: W\nversion: 1\nkpis: [{id: it, measure: defined, of: cost, target: 5, weight: 100}]\n";
    put(&dir, "scheme.yaml", format!("{scheme}{measure}"));
    put(&dir, "replies.csv", format!("{REPLIES}berlin,B1,2026-03-29 01:40:10,agent,\n"));
    assert_eq!(rejected(&read(&dir)), [(2, "external_id", "REPLY_RECORD_UNKNOWN")]);
}

const TRICKY: [&str; 13] = [
    "JD/星河旗舰店/kf01,R1,2026-03-02 09:00:10,customer,\n",
    "JD/星河旗舰店/kf01,R1,2026-03-02 09:00:10,agent,PC-7\n",
    "JD/星河旗舰店/kf01,R1,2026-03-02 09:00:10,agent,PC-7\n",
    "JD/星河旗舰店/kf01,R1,2026-03-02 09:00:10,agent,\"seat \"\"4\"\"\"\n",
    "JD/星河旗舰店/kf01,R1,2026-03-02 09:00:10,agent,='x\n",
    "JD/星河旗舰店/kf01,R2,2026-03-02 12:00:10.25,agent,\"a,b\"\n",
    "JD/星河旗舰店/kf01,R2,2026-03-04 12:00:10,agent,工位１\n",
    "Tmall/银河专营店/kf01,R1,2026-03-02 10:00,客服,PC-10\n",
    "Tmall/银河专营店/kf01,R1,2026-03-02 11:00,顾客,-\n",
    "berlin,B1,2026-03-29 03:30,agent,PC-7\n",
    "berlin,B7,2026-03-29 03:30,agent,only here\n",
    "nowhere,B1,2026-03-29 03:30,agent,only here\n",
    "broken row\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn neither_messages_nor_their_canonical_bytes_depend_on_the_order_of_rows(order in Just((0..TRICKY.len()).collect::<Vec<_>>()).prop_shuffle()) {
        let straight = canonical::round(&month(&TRICKY.concat()));
        let shuffled = canonical::round(&month(&order.iter().map(|i| TRICKY[*i]).collect::<String>()));
        prop_assert_eq!(&straight.0.bundle, &shuffled.0.bundle);
        prop_assert_eq!(straight.1, shuffled.1);
        prop_assert_eq!(&straight.0.rejected_rows, &shuffled.0.rejected_rows);
        prop_assert_eq!((straight.0.rejected_rows["replies.csv"], straight.0.bundle.replies.len()), (3, 9));
    }

    #[test]
    fn any_messages_are_written_back_the_same(rows in proptest::collection::vec((0..4_usize, 0..100_000_i64, any::<bool>(), "[ -~\u{4e00}-\u{4e10}]{0,6}"), 0..30)) {
        let records = [("JD/星河旗舰店/kf01", "R1"), ("JD/星河旗舰店/kf01", "R2"), ("Tmall/银河专营店/kf01", "R1"), ("berlin", "B1")];
        let start: Timestamp = "2026-03-02T00:00:00Z".parse().expect("a time");
        let mut writer = csv::Writer::from_writer(Vec::new());
        for (record, seconds, agent, device) in &rows {
            let (account, id) = records[*record];
            let at = (start + jiff::SignedDuration::from_secs(*seconds)).to_string();
            writer.write_record([account, id, &at, if *agent { "agent" } else { "customer" }, device]).expect("memory");
        }
        let text = String::from_utf8(writer.into_inner().expect("memory")).expect("text");
        let (reading, _) = canonical::round(&month(&text));
        prop_assert!(reading.bundle.replies.is_sorted());
        let taken = reading.bundle.replies.len() as u64 + reading.rejected_rows.get("replies.csv").copied().unwrap_or(0);
        prop_assert!(taken <= rows.len() as u64);
    }
}

#[test]
fn records_name_a_device_of_their_own_and_bundles_without_one_are_the_same_bytes_as_before() {
    let records = |head: &str, cells: &[&str]| {
        let dir = good();
        let row =
            |(n, cell): (usize, &&str)| format!("{},{cell}\n", ROW.trim_end().replace(",R1,", &format!(",R{n},")));
        let rows: String = cells.iter().enumerate().map(row).collect();
        put(&dir, "records.csv", format!("{},{head}\n{rows}", HEAD.trim_end()));
        dir
    };
    let long = "x".repeat(201);
    let cells = ["PC-07", "", "pc-07", "PC\u{200b}8", &long, "  seat\u{a0}7 ", "'0042"];
    for head in ["device", "工位"] {
        let reading = read(&records(head, &cells));
        let named = |r: &Record| r.device.map(|device| reading.bundle.text(device).to_owned());
        let devices: Vec<_> = reading.bundle.records.iter().map(named).collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(devices[..3], [text("PC-07"), None, text("pc-07")], "capitals as they are");
        assert_eq!(devices.last(), Some(&text("0042")));
        assert!(reading.rejected.iter().all(|wrong| wrong.column == "device"), "{:?}", reading.rejected);
        assert!(reading.rejected.iter().any(|wrong| wrong.line == 6), "{:?}", reading.rejected);
        assert_eq!(devices.len() + reading.rejected.len(), cells.len(), "nothing else is lost");
        let out = TempDir::new().expect("a temporary folder");
        write_normalised(&reading.bundle, out.path(), Locale::En).expect("written");
        let written = fs::read_to_string(out.path().join("records.csv")).expect("records.csv");
        assert!(written.lines().next().is_some_and(|head| head.ends_with("record.contributors,record.device")));
        let literal = Options { literal: true, ..Options::default() };
        let again = read_bundle(out.path(), literal, &mut |_, _| {}).expect("usable");
        let named = |r: &Record| r.device.map(|device| again.bundle.text(device).to_owned());
        assert_eq!(again.bundle.records.iter().map(named).collect::<Vec<_>>(), devices, "as it was written");
        assert_eq!(again.bundle.records, reading.bundle.records);
    }
    // What was a measure of that name when a month was closed is one when it is closed again.
    let out = TempDir::new().expect("a temporary folder");
    write_normalised(&read(&records("desk", &["PC-07"])).bundle, out.path(), Locale::En).expect("written");
    let path = out.path().join("records.csv");
    let before = fs::read_to_string(&path).expect("records.csv").replace("desk", "device");
    assert!(!before.contains("record."), "{before}");
    fs::write(&path, &before).expect("written");
    let literal = Options { literal: true, ..Options::default() };
    let again = read_bundle(out.path(), literal, &mut |_, _| {}).expect("usable").bundle;
    assert_eq!((again.records[0].device, again.measures[0].name.as_str()), (None, "device"));
}
