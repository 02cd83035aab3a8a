//! Rows at every limit of the suite, and one beyond it: the one is taken, and the other costs itself only.

use jiff::ToSpan as _;
use tally_kernel::limits;

use super::*;

const PUNCHES: &str = "employee_no,at,kind\n";

fn text(characters: usize) -> String {
    "字".repeat(characters)
}

/// A file with a cell that has so many characters, and the column that is wrong when they are too many.
fn cells(characters: usize) -> Vec<(&'static str, String, &'static str)> {
    let t = text(characters);
    let record = |kind: &str, customer: &str, qa: &str, id: &str| {
        let head = HEAD.trim_end();
        format!(
            "{head},customer,qa\nJD,星河旗舰店,kf01,{id},2026-03-02 09:00,2026-03-02 09:05,1001,{kind},,,,,{customer},{qa}\n"
        )
    };
    vec![
        ("people.csv", format!("{PEOPLE}{t},Wu,HZ,,,2026-01-01,,\n"), "employee_no"),
        ("people.csv", format!("{PEOPLE}3001,{t},HZ,,,2026-01-01,,\n"), "name"),
        ("people.csv", format!("{PEOPLE}3001,Wu,{t},,,2026-01-01,,\n"), "org_unit"),
        ("people.csv", format!("{PEOPLE}3001,Wu,HZ,{t},,2026-01-01,,\n"), "position"),
        ("people.csv", format!("{PEOPLE}3001,Wu,HZ,,{t},2026-01-01,,\n"), "grade"),
        ("accounts.csv", format!("{ACCOUNTS}{t},shop,a,shared,1,,,,\n"), "platform"),
        ("accounts.csv", format!("{ACCOUNTS}JD,{t},a,shared,1,,,,\n"), "store"),
        ("accounts.csv", format!("{ACCOUNTS}JD,shop,{t},shared,1,,,,\n"), "account"),
        ("accounts.csv", format!("{ACCOUNTS}JD,shop,a,shared,1,,{t},,\n"), "team"),
        ("aliases.csv", format!("platform,alias,employee_no,from,to\n{t},a,1001,,\n"), "platform"),
        ("aliases.csv", format!("platform,alias,employee_no,from,to\nJD,{t},1001,,\n"), "alias"),
        ("records.csv", record("", "", "", &t), "external_id"),
        ("records.csv", record(&t, "", "", "R2"), "kind"),
        ("records.csv", record("", &t, "", "R2"), "customer"),
        ("records.csv", record("", "", &text(characters + limits::LONG_TEXT - limits::TEXT), "R2"), "qa"),
    ]
}

fn rejected(dir: &TempDir) -> Vec<(&'static str, String)> {
    let found = read_at(dir.path()).map_or_else(|unusable| unusable.rejected, |reading| reading.rejected);
    found.into_iter().map(|row| (row.file, row.column)).collect()
}

#[test]
fn a_text_of_the_most_characters_is_taken_and_one_more_is_a_rejected_row() {
    for ((file, at, column), (_, over, _)) in cells(limits::TEXT).into_iter().zip(cells(limits::TEXT + 1)) {
        let dir = good();
        put(&dir, file, at);
        assert_eq!(rejected(&dir), [], "{file} {column}");
        put(&dir, file, over);
        assert_eq!(rejected(&dir), [(file, column.to_owned())]);
    }
}

#[test]
fn a_shift_is_shorter_than_the_longest_and_another_end_of_it_is_no_second_one() {
    let dir = good();
    let rosters = |rows: &str| put(&dir, "rosters.csv", format!("employee_no,account,start,end\n{rows}"));
    rosters("1001,berlin,2026-03-02 09:00,2026-03-03 20:59\n");
    assert_eq!(rejected(&dir), []);
    rosters("1001,berlin,2026-03-02 09:00,2026-03-03 21:00\n1001,berlin,2026-03-04 09:00,2026-03-04 18:00\n");
    let reading = read(&dir);
    assert_eq!((only(&reading).1, reading.bundle.rosters.len()), ("end", 1));
    assert!(only(&reading).2.contains("36 hours"), "{}", only(&reading).2);
    let day = "1001,berlin,2026-03-02 09:00,2026-03-02 18:00\n";
    rosters(&format!(
        "{day}1001,berlin,2026-03-02 09:00,2026-03-02 17:00\n{day}1002,berlin,2026-03-02 09:00,2026-03-02 17:00\n"
    ));
    let reading = read(&dir);
    let lines: Vec<_> = reading.rejected.iter().map(|row| (row.line, row.code)).collect();
    assert_eq!(lines, [2, 3, 4].map(|line| (line, "SHIFT_ENDS_DIFFER")));
    assert!(en(&reading.rejected[0].reason).contains("lines 2, 3, 4"), "{}", en(&reading.rejected[0].reason));
    assert_eq!(reading.bundle.rosters.len(), 1, "a colleague's is another shift");
}

#[test]
fn a_nickname_that_one_person_has_twice_at_a_time_costs_its_own_rows() {
    let dir = good();
    put(&dir, "aliases.csv", "platform,alias,employee_no,from,to\nJD,a,1001,,\nJD,a,1001,2026-03-05,\nJD,b,1001,,\n");
    let reading = read(&dir);
    let lines: Vec<_> = reading.rejected.iter().map(|row| (row.line, row.code)).collect();
    assert_eq!((lines, reading.bundle.aliases.len()), (vec![(2, "ALIAS_TWICE"), (3, "ALIAS_TWICE")], 1));
}

#[test]
fn a_record_has_so_many_measures_and_no_more() {
    for (columns, wrong) in [(limits::MEASURES, false), (limits::MEASURES + 1, true)] {
        let names: String = (0..columns).map(|n| format!(",m{n}")).collect();
        let values = ",1".repeat(columns);
        let dir = good();
        put(&dir, "records.csv", format!("{}{names}\n{}{values}\n", HEAD.trim_end(), ROW.trim_end()));
        assert_eq!(!rejected(&dir).is_empty(), wrong, "{columns}");
    }
}

#[test]
fn counts_and_numbers_at_their_limits_are_taken_and_beyond_them_rejected() {
    let account = |capacity: u32| ("accounts.csv", format!("{ACCOUNTS}JD,shop,a,shared,{capacity},,,,\n"), "capacity");
    let rating =
        |rating: u32| ("records.csv", format!("{HEAD}{}", ROW.replace(",5,", &format!(",{rating},"))), "rating");
    let cells = [
        (account(limits::CAPACITY), account(limits::CAPACITY + 1)),
        (rating(limits::RATING), rating(limits::RATING + 1)),
    ];
    for ((file, at, column), (_, over, _)) in cells {
        let dir = good();
        put(&dir, "punches.csv", PUNCHES);
        put(&dir, file, at);
        assert_eq!(rejected(&dir), [], "{file} {column}");
        put(&dir, file, over);
        assert_eq!(rejected(&dir), [(file, column.to_owned())]);
    }
}

#[test]
fn a_person_who_comes_and_leaves_at_one_instant_costs_those_rows_and_no_others() {
    let dir = good();
    let rows = "1001,2026-03-02 09:00,in\n1001,2026-03-02 18:00,in\n1001,2026-03-02 18:00,out\n\
        1002,2026-03-02 18:00,out\n1001,2026-03-02 18:00,in\n";
    put(&dir, "punches.csv", format!("{PUNCHES}{rows}"));
    let reading = read(&dir);
    let lines: Vec<_> = reading.rejected.iter().map(|row| (row.line, row.column.as_str(), row.code)).collect();
    assert_eq!(lines, [3, 4, 6].map(|line| (line, "kind", "PUNCH_BOTH_WAYS")));
    let reason = en(&reading.rejected[0].reason);
    assert!(reason.contains("lines 3, 4, 6 ") && reason.contains("1001") && reason.contains("18:00"), "{reason}");
    assert_eq!((reading.bundle.punches.len(), reading.bundle.punches_given.len()), (2, 2));
}

#[test]
fn hand_overs_that_cannot_all_have_been_cost_themselves_and_no_others() {
    let dir = good();
    let at = |account: &str, number: &str, kind: &str| format!("{account},{number},2026-03-02 09:00,{kind}\n");
    // The account of Tmall is exclusive, the other is not.
    let (one, several) = ("Tmall/银河专营店/kf01", "berlin");
    for (rows, wrong, code) in [
        (
            [at(several, "1001", "take"), at(several, "1001", "release"), at(several, "1002", "take")],
            &[2, 3][..],
            "HANDOVER_BOTH_WAYS",
        ),
        ([at(one, "1001", "take"), at(one, "1002", "take"), at(one, "2001", "release")], &[2, 3], "HANDOVERS_AT_ODDS"),
        ([at(one, "1001", "take"), at(one, "1001", "take"), at(one, "1002", "release")], &[], ""),
        ([at(several, "1001", "take"), at(several, "1002", "take"), at(several, "2001", "take")], &[], ""),
    ] {
        put(&dir, "handovers.csv", format!("account,employee_no,at,kind\n{}", rows.concat()));
        let reading = read(&dir);
        let found: Vec<_> = reading.rejected.iter().map(|row| (row.line, row.code)).collect();
        assert_eq!(found, wrong.iter().map(|line| (*line, code)).collect::<Vec<_>>(), "{rows:?}");
    }
}

#[test]
fn an_id_has_no_line_break_in_it() {
    for (id, character) in [("\"R\n2\"", "U+000A"), ("R\t2", "U+0009")] {
        let reading = records(&ROW.replace("R1", id));
        let (_, column, reason) = only(&reading);
        assert!(column == "external_id" && reason.contains(character), "{reason}");
    }
}

#[test]
fn a_name_by_which_rows_are_joined_has_no_line_break_in_it_and_may_have_emoji() {
    for (file, text, wrong) in [
        ("aliases.csv", "platform,alias,employee_no,from,to\nJD,\"a\nb\",1001,,\n", Some("alias")),
        ("aliases.csv", "platform,alias,employee_no,from,to\nJD,\u{2764}\u{fe0f}b,1001,,\n", None),
        ("accounts.csv", "platform,store,account,phase,capacity,zone\nJD,\"a\nb\",x,shared,1,\n", Some("store")),
        ("accounts.csv", "platform,store,account,phase,capacity,zone\nJD,s,\"a\tb\",shared,1,\n", Some("account")),
    ] {
        let dir = good();
        let text = if file == "accounts.csv" {
            format!("{ACCOUNTS}{}", text.split_once('\n').unwrap().1.replace("1,\n", "1,,,,\n"))
        } else {
            text.to_owned()
        };
        put(&dir, file, text);
        let columns: Vec<_> = rejected(&dir).into_iter().map(|(_, column)| column).collect();
        assert_eq!(columns, Vec::from_iter(wrong.map(str::to_owned)), "{file}");
    }
    let dir = good();
    put(&dir, "aliases.csv", "platform,alias,employee_no,from,to\nJD,\u{2764}\u{fe0f}b,1001,,\n");
    put(&dir, "records.csv", format!("{HEAD}{}", ROW.replace(",1001,", ",\u{2764}\u{fe0f}b,")));
    assert_eq!(read(&dir).bundle.records[0].agent, Some(PersonIx(0)), "a nickname is found as it was given");
}

#[test]
fn a_number_that_is_rounded_beyond_the_digits_of_numbers_is_none() {
    let nines = "9".repeat(limits::DIGITS as usize);
    for (cell, number) in [(nines.clone(), true), (format!("-{nines}.9"), true), (format!("{nines}.9999999"), false)] {
        let dir = good();
        put(&dir, "records.csv", format!("{},qa\n{},{cell}\n", HEAD.trim_end(), ROW.trim_end()));
        let measures = read(&dir).bundle.measures;
        assert_eq!(matches!(measures[0].values, MeasureValues::Numbers(_)), number, "{cell}");
    }
}

/// A file of settings at a limit of the suite, the same beyond it, and the key that is then named.
type Limit = (&'static str, String, String, &'static str);

fn settings() -> Vec<Limit> {
    let from = jiff::civil::date(2026, 1, 1);
    let period = |days: i32| format!("period: {{from: {from}, to: {}}}\n", from + (days - 1).days());
    let kpi = |rest: &str| format!("kpis:\n- {{id: a, measure: mean, of: first_reply_seconds, weight: 100, {rest}}}\n");
    let share =
        |target: &str| format!("kpis:\n- {{id: a, measure: share, of: resolved, weight: 100, target: \"{target}\"}}\n");
    let counted = |rest: &str| format!("kpis:\n- {{id: a, measure: records, target: 1, weight: 100{rest}}}\n");
    let sold = |rest: &str| format!("kpis:\n- {{id: a, measure: sum, of: amount, target: 1, weight: 100{rest}}}\n");
    let ranged = |floor: &str| counted(&format!(", normalisation: min_max, cap: 4611686018427, floor: {floor}"));
    let named = |characters: usize| format!("name: {}\n", text(characters));
    vec![
        ("group.yaml", named(limits::TEXT), named(limits::TEXT + 1), "name"),
        ("group.yaml", "name: \"a\\tb\"\n".into(), "name: \"a\\0b\"\n".into(), "name"),
        ("group.yaml", "currency: KWD\n".into(), "currency: ABC\n".into(), "currency"),
        ("group.yaml", period(limits::PERIOD_DAYS), period(limits::PERIOD_DAYS + 1), "period.to"),
        (
            "group.yaml",
            format!("branches: {{杭州: {}}}\n", "e".repeat(32)),
            format!("branches: {{杭州: {}}}\n", "e".repeat(33)),
            "branches",
        ),
        ("policy.yaml", "grace_minutes: 240\n".into(), "grace_minutes: 241\n".into(), "grace_minutes"),
        ("policy.yaml", "handover_max_hours: 48\n".into(), "handover_max_hours: 49\n".into(), "handover_max_hours"),
        ("scheme.yaml", named(limits::TEXT) + &counted(""), named(limits::TEXT + 1) + &counted(""), "name"),
        ("scheme.yaml", kpi("target: 9223372036854"), kpi("target: 9223372036855"), "kpis[1].target"),
        ("scheme.yaml", share("92233720368"), share("92233720369"), "kpis[1].target"),
        ("scheme.yaml", counted(", cap: 9223372036854"), counted(", cap: 9223372036855"), "kpis[1].cap"),
        ("scheme.yaml", counted(", floor: -9223372036854"), counted(", floor: -9223372036855"), "kpis[1].floor"),
        ("scheme.yaml", ranged("-4611686018427"), ranged("-4611686018428"), "kpis[1].cap"),
        (
            "scheme.yaml",
            kpi("target: 1, small_sample: {min_count: 1}"),
            counted(", small_sample: {min_count: 1}"),
            "kpis[1].small_sample",
        ),
        ("scheme.yaml", sold(""), sold(", small_sample: {min_count: 1}"), "kpis[1].small_sample"),
    ]
}

fn pools() -> Vec<Limit> {
    let pool = |rest: &str| format!("amount: 5\nrule:\n{rest}");
    let quotas = |first: &str, second: &str, names: [&str; 2], weights: [&str; 2]| {
        let tier = |name: &str, percent: &str, weight: &str| {
            format!("{{name: {name}, top_percent: {percent}, weight: {weight}}}")
        };
        let (a, b) = (tier(names[0], first, weights[0]), tier(names[1], second, weights[1]));
        pool(&format!("- {{share: 100, by: tiers, tiers: [{a}, {b}]}}\n"))
    };
    let scored = |score: &str| {
        pool(&format!("- {{share: 100, by: tiers, tiers: [{{name: a, at_least: \"{score}\", weight: 1}}]}}\n"))
    };
    let (weight, names) = (limits::TIER_WEIGHT.to_string(), ["a", "b"]);
    vec![
        (
            "pool.yaml",
            "amount: \"92233720368547758.07\"\n".into(),
            "amount: \"92233720368547758.08\"\n".into(),
            "amount",
        ),
        (
            "pool.yaml",
            pool("- {share: 33.3333, by: score}\n- {share: 66.6667, by: team_fund}\n"),
            pool("- {share: 33.33333, by: score}\n- {share: 66.66667, by: team_fund}\n"),
            "rule[1].share",
        ),
        (
            "pool.yaml",
            quotas("33.3333", "66.6667", names, ["2", "1"]),
            quotas("33.33333", "66.66667", names, ["2", "1"]),
            "rule[1].tiers[1].top_percent",
        ),
        (
            "pool.yaml",
            quotas("20", "80", names, ["1", "1"]),
            quotas("20", "80", ["a", "a"], ["1", "1"]),
            "rule[1].tiers[2].name",
        ),
        (
            "pool.yaml",
            quotas("20", "80", names, ["1", "1"]),
            quotas("20", "80", names, ["1", "1.000001"]),
            "rule[1].tiers",
        ),
        (
            "pool.yaml",
            quotas("20", "80", names, [&weight, "1"]),
            quotas("20", "80", names, [&format!("{weight}.1"), "1"]),
            "rule[1].tiers[1].weight",
        ),
        ("pool.yaml", scored("9223372036854"), scored("9223372036855"), "rule[1].tiers[1].at_least"),
    ]
}

#[test]
fn a_setting_at_a_limit_of_the_suite_is_taken_and_one_beyond_it_is_named_with_its_file_and_key() {
    for (file, at, over, key) in settings().into_iter().chain(pools()) {
        let dir = good();
        put(&dir, file, &at);
        if let Err(refusal) = read_at(dir.path()) {
            panic!("{file} {key} {at}: {refusal}");
        }
        put(&dir, file, &over);
        let refusal = refused(&dir);
        assert_eq!((refusal.reason, en(&refusal.file).as_str()), ("INVALID_SETTINGS", file), "{over}");
        let said = en(&refusal.problem);
        assert!(said.split("; ").any(|one| one.starts_with(&format!("{key} "))), "{key} in {said}");
        let chinese = tally_i18n::text(Locale::ZhCn, &refusal.problem);
        assert!(chinese.contains(key) && chinese != said, "{chinese}");
    }
}

#[test]
fn a_period_of_the_command_line_is_no_longer_than_what_is_closed_at_once() {
    let dir = good();
    let of_days = |days: i32| {
        let from = jiff::civil::date(2026, 1, 1);
        let options = Options { from: Some(from), to: Some(from + (days - 1).days()), ..Options::default() };
        read_bundle(dir.path(), options, &mut |_, _| {})
    };
    assert!(of_days(limits::PERIOD_DAYS).is_ok());
    let refusal = of_days(limits::PERIOD_DAYS + 1).expect_err("too long");
    assert_eq!(refusal.reason, "BAD_PERIOD");
    assert!(en(&refusal.problem).contains("367 days") && en(&refusal.cure).contains("in parts"), "{refusal}");
}

#[test]
fn a_pool_that_could_not_be_split_is_read_back_where_a_month_was_closed_with_it() {
    let dir = good();
    put(&dir, "pool.yaml", "amount: 5\nrule:\n- {share: 99.99999, by: score}\n- {share: 0.00001, by: team_fund}\n");
    assert_eq!(refused(&dir).reason, "INVALID_SETTINGS");
    let options = Options { literal: true, ..Options::default() };
    assert!(read_bundle(dir.path(), options, &mut |_, _| {}).is_ok_and(|reading| reading.bundle.pool.is_some()));
}

#[test]
fn a_measure_beyond_what_is_computed_with_costs_its_row_where_the_scheme_measures_it() {
    let dir = good();
    let row = |id: &str, size: &str| {
        format!("JD,星河旗舰店,kf01,{id},2026-03-02 09:00,2026-03-02 09:05,1001,,,,,,{size},{size}\n")
    };
    let rows = row("R1", "9223372036854") + &row("R2", "9223372036855") + &row("R3", "-9223372036855.5");
    put(&dir, "records.csv", format!("{},size,order\n{rows}", HEAD.trim_end()));
    put(
        &dir,
        "scheme.yaml",
        "name: W\nversion: 1\nkpis:\n  - {id: it, measure: sum, of: size, target: 5, weight: 100}\n",
    );
    let reading = read(&dir);
    let told: Vec<_> = reading.rejected.iter().map(|row| (row.line, row.column.as_str(), en(&row.reason))).collect();
    let too_large = |text: &str| format!("{text} is too large to compute with: at most 9223372036854 either way");
    assert_eq!(told, [(3, "size", too_large("9223372036855")), (4, "size", too_large("-9223372036855.5"))]);
    assert_eq!(ids(&reading), ["R1"]);
    fs::remove_file(dir.path().join("scheme.yaml")).expect("a file");
    assert_eq!(ids(&read(&dir)), ["R1", "R2", "R3"], "what nobody computes with may be as large");
}
