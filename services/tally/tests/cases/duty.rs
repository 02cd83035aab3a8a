//! Duty over several nights, numbers of the policy, punches without a direction, and work that a later step must not throw away.

use crate::case::{Case, GROUP, RECORDS, text};

const NIGHTS: &str = "employee_no,account,start,end\n1001,mart-a,2026-03-02 22:00,2026-03-03 06:00\n\
    1001,mart-a,2026-03-03 22:00,2026-03-04 06:00\n1002,mart-a,2026-03-03 22:00,2026-03-04 06:00\n";

const CHATS: [(&str, &str, &str); 3] =
    [("T1", "2026-03-02 23:00", ""), ("T2", "2026-03-03 23:00", ""), ("T3", "2026-03-04 02:00", "")];
const FIRST_NIGHT: &str = "employee_no,at,kind\n1001,2026-03-02 21:52,in\n1001,2026-03-03 06:05,out\n";

#[test]
fn the_second_night_counts_by_roster_when_only_the_first_was_punched() {
    let case = Case::new(&[("rosters.csv", NIGHTS), ("punches.csv", FIRST_NIGHT)], &CHATS);
    assert_eq!(case.close(), 0);
    let shared = ["T1 1001 1000000", "T2 1001 500000", "T2 1002 500000", "T3 1001 500000", "T3 1002 500000"];
    assert_eq!(case.credits(), shared);
    assert!(case.result("summary.json").contains("\"policy\": \"3\""));
    assert!(case.replayed().contains("identical"));
}

#[test]
fn a_day_of_punches_takes_a_night_from_whoever_punched_and_a_finding_says_so() {
    let by_day = "employee_no,at,kind\n1002,2026-03-03 09:00,in\n1002,2026-03-03 17:00,out\n";
    let case = Case::new(&[("rosters.csv", NIGHTS), ("punches.csv", by_day)], &CHATS);
    assert_eq!(case.close(), 0);
    assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1001 1000000", "T3 1001 1000000"]);
    let findings = case.result("findings.csv");
    assert!(findings.contains("UNCOVERED_SHIFT,1002,2026-03-03T22:00:00+08:00,"), "{findings}");
    assert!(!findings.contains("UNCOVERED_SHIFT,1001"), "{findings}");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn a_lone_out_takes_its_night_and_no_finding_says_that_it_counts_for_nothing() {
    let out = "employee_no,at,kind\n1001,2026-03-04 06:05,out\n";
    let case = Case::new(&[("rosters.csv", NIGHTS), ("punches.csv", out)], &CHATS);
    assert_eq!(case.close(), 0);
    assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1002 1000000", "T3 1002 1000000"]);
    let rows = case.table("findings.csv");
    let of = |kind: &str| rows.iter().filter(|row| row[0] == kind).map(|row| row[3].as_str()).collect::<Vec<_>>();
    let ([lone], [shift]) = (&of("MISSING_PUNCH")[..], &of("UNCOVERED_SHIFT")[..]) else { panic!("{rows:?}") };
    assert!(lone.contains("a shift of its working day counts only where a pair"), "{lone}");
    assert!(shift.contains("1001 was rostered on Mart/One/mart-a from 2026-03-03T22:00:00+08:00"), "{shift}");
}

/// A day and the night after it, minutes apart; a colleague has the night as well.
const DAY_AND_NIGHT: &str = "employee_no,account,start,end\n1001,mart-a,2026-03-02 14:00,2026-03-02 22:00\n\
    1001,mart-a,2026-03-02 22:15,2026-03-03 06:00\n1002,mart-a,2026-03-02 22:00,2026-03-03 06:00\n";

#[test]
fn a_night_after_a_day_of_which_only_the_day_was_punched_is_told_in_every_language() {
    let day = "employee_no,at,kind\n1001,2026-03-02 14:00,in\n1001,2026-03-02 22:05,out\n";
    let records = [("T1", "2026-03-02 15:00", ""), ("T2", "2026-03-02 23:00", "")];
    for (language, said) in [
        ("en", "no pair of punches covers any of its planned time; no more than 5 min"),
        ("zh-CN", "补齐打卡之前，该班次至多计入边缘的 5 分钟"),
    ] {
        for more in ["", "1001,2026-03-03 06:00,out\n", "1001,2026-03-02 22:15,in\n"] {
            let punches = day.to_owned() + more;
            let case = Case::new(&[("rosters.csv", DAY_AND_NIGHT), ("punches.csv", &punches)], &records);
            assert_eq!(case.close_with(&["--lang", language]), 0);
            assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1002 1000000"], "{more}");
            let findings = case.result("findings.csv");
            assert!(findings.contains("BARELY_COVERED_SHIFT,1001,2026-03-02T22:15:00+08:00,"), "{findings}");
            assert!(findings.contains("2026-03-03T06:00:00+08:00") && findings.contains(said), "{findings}");
            assert!(case.replayed().contains("identical"));
        }
    }
}

#[test]
fn a_shift_whose_account_only_others_held_is_told() {
    let handovers =
        "account,employee_no,at,kind\nmart-a,1002,2026-03-02 13:00,take\nmart-a,1002,2026-03-02 22:10,release\n";
    let records = [("T1", "2026-03-02 15:00", "")];
    let case = Case::new(&[("rosters.csv", DAY_AND_NIGHT), ("handovers.csv", handovers)], &records);
    assert_eq!(case.close(), 0);
    assert_eq!(case.credits(), ["T1 1002 1000000"]);
    let findings = case.result("findings.csv");
    assert!(findings.contains("HELD_BY_OTHERS,1001,2026-03-02T14:00:00+08:00,"), "{findings}");
    assert_eq!(findings.matches("HELD_BY_OTHERS").count(), 1, "{findings}");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn a_month_of_policy_version_1_stays_as_it_was_closed() {
    let files = [("rosters.csv", NIGHTS), ("punches.csv", FIRST_NIGHT), ("policy.yaml", "version: 1\n")];
    let case = Case::new(&files, &CHATS);
    assert_eq!(case.close(), 0);
    assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1002 1000000", "T3 1002 1000000"]);
    assert!(case.result("inputs/policy.yaml").contains("version: 1"));
    assert!(case.replayed().contains("identical"));
}

#[test]
fn a_zero_of_the_policy_is_a_zero() {
    let rosters = "employee_no,account,start,end\n1001,mart-a,2026-03-02 09:00,2026-03-02 12:00\n\
        1002,mart-a,2026-03-02 09:00,2026-03-02 12:00\n";
    let records = [("T1", "2026-03-02 08:50", ""), ("T2", "2026-03-02 09:30", ""), ("T3", "2026-03-02 10:30", "1001")];
    let close = |policy: &str| {
        let case = Case::new(&[("rosters.csv", rosters), ("policy.yaml", policy)], &records);
        assert_eq!(case.close(), 0);
        assert!(case.replayed().contains("identical"));
        case
    };
    let (default, zero) = (close("version: 2\n"), close("grace_minutes: 0\nmin_ambiguous: 0\n"));
    assert!(default.credits().iter().any(|row| row.starts_with("T1 ")), "15 minutes before the shift still count");
    assert!(!zero.credits().iter().any(|row| row.starts_with("T1 ")), "{:?}", zero.credits());
    assert!(default.result("findings.csv").contains("TOO_FEW_TO_INFER"));
    assert!(!zero.result("findings.csv").contains("TOO_FEW_TO_INFER"), "{}", zero.result("findings.csv"));
}

#[test]
fn times_of_credits_are_by_the_clock_of_their_account() {
    let rosters = "employee_no,account,start,end\n1001,mart-a,2026-03-02 09:00,2026-03-02 12:00\n";
    let records = [("T1", "2026-03-02 09:30", ""), ("T2", "2026-03-02 15:30", "")];
    let case = Case::new(&[("rosters.csv", rosters)], &records);
    let out = case.bundle().with_file_name("result");
    let output = case.run(&["close", text(&case.bundle()), "--out", text(&out), "--explain", "T1"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let credits = case.result("credits.csv");
    assert!(credits.contains("roster:2026-03-02T08:45:00+08:00/2026-03-02T12:15:00+08:00"), "{credits}");
    assert!(case.result("unattributed.csv").contains("T2,mart-a,2026-03-02T15:30:00+08:00,"));
    assert!(shown.contains("  2026-03-02T09:30:00+08:00 – 2026-03-02T09:30:00+08:00"), "{shown}");
    assert!(!shown.contains("00Z") && shown.contains("shift:1001@2026-03-02T09:00:00+08:00"), "{shown}");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn what_more_evidence_would_bring_is_told_of_accounts_with_open_records_from_version_3_on() {
    let rosters = "employee_no,account,start,end\n1001,mart-a,2026-03-02 09:00,2026-03-02 12:00\n\
        1002,mart-a,2026-03-02 09:00,2026-03-02 12:00\n";
    let records = [("T1", "2026-03-02 09:30", ""), ("T2", "2026-03-02 10:30", ""), ("T3", "2026-03-02 11:30", "1001")];
    let case = Case::new(&[("rosters.csv", rosters)], &records);
    let out = case.bundle().with_file_name("result");
    let output = case.run(&["close", text(&case.bundle()), "--out", text(&out), "--explain", "T1"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows = case.table("evidence.csv");
    assert_eq!(rows[0], ["account", "now", "with_breaks", "with_devices", "with_claims", "idle_days", "idle_people"]);
    let [row] = &rows[1..] else { panic!("one account: {rows:?}") };
    let part = |column: usize| row[column].parse::<f64>().expect("a part");
    assert_eq!((row[0].as_str(), row[5].as_str(), row[6].as_str()), ("mart-a", "0", "0"));
    assert!(part(4) < part(3) && part(3) < part(1) && part(1) == part(2), "{row:?}");
    let summary: serde_json::Value = serde_json::from_str(&case.result("summary.json")).expect("a summary");
    let worth = &summary["evidence"]["mart-a"];
    for (column, name) in [(1, "now_ppm"), (2, "with_breaks_ppm"), (3, "with_devices_ppm"), (4, "with_claims_ppm")] {
        assert_eq!(worth[name].as_u64(), Some((part(column) * 1e6).round() as u64), "{name} of {summary}");
    }
    assert_eq!((worth["idle_days"].as_u64(), worth["idle_people"].as_u64()), (Some(0), Some(0)), "{summary}");
    let told = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("are expected to be credited to somebody else; with breaks punched about"), "{shown}");
    assert!(case.replayed().contains("identical"));
    let before = Case::new(&[("rosters.csv", rosters), ("policy.yaml", "version: 2\n")], &records);
    assert_eq!(before.close(), 0);
    assert!(!before.bundle().with_file_name("result").join("evidence.csv").exists());
    assert!(!before.result("summary.json").contains("evidence"));
}

/// In the first form of a result folder a zero went for nothing said.
#[test]
fn a_zero_of_a_folder_of_the_first_form_stays_what_it_was_closed_with() {
    // Of several people the evidence is their number: it tells no time, which the first form told in UTC.
    let rosters = "employee_no,account,start,end\n1001,mart-a,2026-03-02 09:00,2026-03-02 12:00\n\
        1002,mart-a,2026-03-02 09:00,2026-03-02 12:00\n";
    let case =
        Case::new(&[("rosters.csv", rosters)], &[("T1", "2026-03-02 08:50", ""), ("T2", "2026-03-02 09:30", "")]);
    assert_eq!(case.close(), 0);
    let policy = case.result("inputs/policy.yaml");
    let zero = policy.replace("grace_minutes: 15", "grace_minutes: 0");
    assert_ne!(policy, zero);
    let digest = |text: &str| blake3::hash(text.as_bytes()).to_hex().to_string();
    let manifest = case.result("manifest.json").replace("  \"form\": 5,\n", "");
    let size = |text: &str| format!("\"bytes\": {},\n      \"blake3\": \"{}\"", text.len(), digest(text));
    let old = manifest.replace(&size(&policy), &size(&zero));
    assert_ne!(manifest, old);
    case.put("inputs/policy.yaml", &zero);
    case.put("manifest.json", &old);
    assert!(case.replayed().contains("identical"), "{}", case.replayed());
}

#[test]
fn punches_without_a_direction_are_read_as_group_yaml_says() {
    let given =
        "employee_no,at\n1001,2026-03-02 21:52\n1001,2026-03-03 06:05\n1001,2026-03-03 21:50\n1001,2026-03-03 23:30\n";
    for how in ["alternating", "first_last"] {
        let group = format!("{GROUP}punches: {how}\n");
        let case = Case::new(&[("rosters.csv", NIGHTS), ("punches.csv", given), ("group.yaml", &group)], &CHATS);
        assert_eq!(case.close(), 0);
        let left = ["T1 1001 1000000", "T2 1001 500000", "T2 1002 500000", "T3 1002 1000000"];
        assert_eq!(case.credits(), left, "{how}");
        assert!(case.result("inputs/group.yaml").contains(how));
        assert!(case.replayed().contains("identical"), "{how}");
    }
    let case = Case::new(&[("rosters.csv", NIGHTS), ("punches.csv", given)], &CHATS);
    assert_eq!(case.close(), 2, "without the setting the column is needed");
}

#[test]
fn a_month_in_which_no_indicator_can_be_scored_keeps_its_credits_and_says_why() {
    let scheme = |kpi: &str| format!("name: W\nversion: 1\nkpis:\n  - {{id: it, {kpi}, weight: 100}}\n");
    let named = [("T1", "2026-03-02 09:00", "1001"), ("T2", "2026-03-02 09:01", "1002")];
    let (median, unmeasured) =
        ("measure: sum, of: amount, target: team_median", "measure: share, of: resolved, target: 100");
    for (language, kpi, note) in [("en", median, "not above zero"), ("zh-CN", unmeasured, "无人有数据")] {
        let case = Case::new(&[("pool.yaml", "amount: 100.00\n"), ("scheme.yaml", &scheme(kpi))], &named);
        assert_eq!(case.close_with(&["--lang", language]), 3, "{kpi}");
        assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1002 1000000"]);
        assert!(case.result("score_cards.csv").contains(note), "{}", case.result("score_cards.csv"));
        let summary = case.result("summary.json");
        assert!(summary.contains("\"SCHEME_WITHOUT_DATA\"") && summary.contains("\"ZERO_SCORES\""), "{summary}");
        assert!(case.replayed().contains("identical"), "{kpi}");
    }
}

#[test]
fn sums_too_large_to_compute_with_take_their_indicator_and_nothing_else() {
    let scheme = "name: W\nversion: 1\nkpis:\n  - {id: sales, measure: sum, of: amount, target: team_median, weight: 60}\n  \
        - {id: handled, measure: records, target: 10, weight: 40}\n";
    let row = |n: u32| {
        let (agent, amount) = if n == 0 { (1001, 5) } else { (1002, 1_000_000_000_000_u64) };
        format!("Mart,One,mart-a,T{n},2026-03-02 09:{n:02},2026-03-02 09:{n:02},{agent},chat,,,,{amount}\n")
    };
    let records = RECORDS.to_owned() + &(0..=10).map(row).collect::<String>();
    let group = GROUP.replace("CNY", "VND");
    for (language, card) in
        [("en", "is too large to compute with, so it is dropped for everybody"), ("zh-CN", "本人数值过大")]
    {
        let files = [
            ("records.csv", &*records),
            ("group.yaml", &group),
            ("scheme.yaml", scheme),
            ("pool.yaml", "amount: 110\n"),
        ];
        let case = Case::new(&files, &[]);
        assert_eq!(case.close_with(&["--lang", language]), 3);
        assert_eq!(case.credits().len(), 11);
        let summary = case.result("summary.json");
        assert!(
            summary.contains("\"INDICATOR_TOO_LARGE\"") && summary.contains("sales") && summary.contains("1002"),
            "{summary}"
        );
        assert!(case.result("score_cards.csv").contains(card), "{}", case.result("score_cards.csv"));
        // The pool is split by the indicator that is left: 10 points to 100.
        assert!(
            summary.contains("\"paid_minor\": 110") && case.result("statements.csv").contains("1002,total"),
            "{summary}"
        );
        assert!(case.replayed().contains("identical"), "{language}");
    }
}

#[test]
fn a_pool_too_large_to_split_is_told_without_ids_and_the_month_replays() {
    let named = [("T1", "2026-03-02 09:00", "1001"), ("T2", "2026-03-02 09:01", "1002")];
    let scheme = "name: W\nversion: 1\nkpis:\n  - {id: it, measure: records, target: 1, weight: 100}\n";
    let group = GROUP.replace("CNY", "VND");
    let files = [("group.yaml", &*group), ("scheme.yaml", scheme), ("pool.yaml", "amount: 90000000000000\n")];
    let case = Case::new(&files, &named);
    assert_eq!(case.close(), 3);
    let findings = case.result("findings.csv");
    assert!(findings.contains("the money or the shares of the pool are too large to compute with"), "{findings}");
    assert_eq!(case.credits().len(), 2);
    assert!(case.replayed().contains("identical"));
}

#[test]
fn a_fund_of_the_team_asks_for_no_score() {
    let named = [("T1", "2026-03-02 09:00", "1001"), ("T2", "2026-03-02 09:01", "1002")];
    let sales = "name: W\nversion: 1\nkpis:\n  - {id: sales, measure: sum, of: amount, target: 100, weight: 100}\n";
    let fund = "amount: 100.00\nrule: [{share: 100, by: team_fund}]\n";
    let case = Case::new(&[("pool.yaml", fund), ("scheme.yaml", sales)], &named);
    assert_eq!(case.close(), 0);
    assert!(case.result("summary.json").contains("\"team_fund_minor\": 10000"), "{}", case.result("summary.json"));
}

#[test]
fn a_pool_that_cannot_be_split_takes_nothing_away() {
    let sales = "name: W\nversion: 1\nkpis:\n  - {id: sales, measure: sum, of: amount, target: 100, weight: 100}\n";
    let unreached = "amount: 100.00\nrule:\n  - share: 100\n    by: tiers\n    tiers:\n      - {name: top, at_least: 500, weight: 1}\n";
    let named = [("T1", "2026-03-02 09:00", "1001"), ("T2", "2026-03-02 09:01", "1002")];
    let cases = [("ZERO_SCORES", "amount: 100.00\n", Some(sales)), ("PART_WITHOUT_CLAIM", unreached, None)];
    for (reason, pool, scheme) in cases {
        let mut files = vec![("pool.yaml", pool)];
        files.extend(scheme.map(|text| ("scheme.yaml", text)));
        let case = Case::new(&files, &named);
        assert_eq!(case.close(), 3, "{reason}");
        assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1002 1000000"]);
        assert!(case.result("score_cards.csv").lines().count() > 2, "{reason}");
        assert!(
            case.result("findings.csv").contains("NOT_SETTLED,pool.yaml,,")
                && !case.result("findings.csv").contains(reason),
            "{reason}"
        );
        assert!(case.result("summary.json").contains(&format!("\"reason\": \"{reason}\"")), "{reason}");
        assert!(case.replayed().contains("identical"), "{reason}");
    }
}

#[test]
fn nights_without_a_roster_and_without_directions_are_no_days() {
    let given =
        "employee_no,at\n1001,2026-03-02 21:55\n1001,2026-03-03 06:03\n1001,2026-03-03 21:58\n1001,2026-03-04 06:04\n";
    let records = [("T1", "2026-03-02 23:00", ""), ("T2", "2026-03-03 12:00", ""), ("T3", "2026-03-04 02:00", "")];
    for how in ["alternating", "first_last"] {
        let group = format!("{GROUP}zone: Asia/Shanghai\npunches: {how}\n");
        let case = Case::new(&[("punches.csv", given), ("group.yaml", &group)], &records);
        assert_eq!(case.close(), 0);
        assert_eq!(case.credits(), ["T1 1001 1000000", "T3 1001 1000000"], "{how}");
        let findings = case.result("findings.csv");
        assert!(findings.contains("READ_AS_NIGHT,punches.csv 1001,,") && !findings.contains("Z,"), "{findings}");
        assert!(case.replayed().contains("identical"), "{how}");
    }
}

#[test]
fn an_odd_row_of_a_roster_is_rejected_and_the_month_goes_on() {
    let rosters = "employee_no,account,start,end\n1001,mart-a,2026-03-02 20:00,2026-03-04 09:00\n\
        1002,mart-a,2026-03-02 22:00,2026-03-03 06:00\n1001,mart-a,2026-03-03 22:00,2026-03-04 06:00\n\
        1001,mart-a,2026-03-03 22:00,2026-03-04 05:00\n";
    let case = Case::new(&[("rosters.csv", rosters)], &CHATS);
    assert_eq!(case.close(), 3);
    let codes: Vec<_> =
        case.table("rejected.csv").into_iter().skip(1).map(|row| (row[1].clone(), row[5].clone())).collect();
    let codes: Vec<_> = codes.iter().map(|(line, code)| (line.as_str(), code.as_str())).collect();
    assert_eq!(codes, [("2", "LONG_SHIFT"), ("4", "SHIFT_ENDS_DIFFER"), ("5", "SHIFT_ENDS_DIFFER")]);
    assert_eq!(case.credits(), ["T1 1002 1000000"]);
    assert!(case.replayed().contains("identical"));
}

#[test]
fn rows_that_contradict_each_other_at_one_instant_are_rejected_and_the_month_goes_on() {
    let punches = FIRST_NIGHT.to_owned() + "1002,2026-03-03 09:00,in\n1002,2026-03-03 09:00,out\n";
    let handovers =
        "account,employee_no,at,kind\nmart-a,1002,2026-03-03 22:00,take\nmart-a,1002,2026-03-03 22:00,release\n";
    let files = [("rosters.csv", NIGHTS), ("punches.csv", &punches), ("handovers.csv", handovers)];
    for (language, cure) in [("en", "keep the row that is right"), ("zh-CN", "请只保留正确的一行")] {
        let case = Case::new(&files, &CHATS);
        assert_eq!(case.close_with(&["--lang", language]), 3);
        assert_eq!(case.credits()[0], "T1 1001 1000000");
        let rejected = case.table("rejected.csv");
        let rows: Vec<_> =
            rejected[1..].iter().map(|row| [&row[0], &row[1], &row[4], &row[5]].map(String::as_str)).collect();
        let (punch, handover) = ("PUNCH_BOTH_WAYS", "HANDOVER_BOTH_WAYS");
        let of = |file, line, code| [file, line, cure, code];
        let expected = [
            of("handovers.csv", "2", handover),
            of("handovers.csv", "3", handover),
            of("punches.csv", "4", punch),
            of("punches.csv", "5", punch),
        ];
        assert_eq!(rows, expected);
        assert!(case.result("summary.json").contains("\"rejected\": 4"));
        assert!(case.replayed().contains("identical"));
    }
}
