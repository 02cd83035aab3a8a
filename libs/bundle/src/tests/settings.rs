//! group.yaml, policy.yaml, scheme.yaml and pool.yaml.

use rust_decimal::Decimal;

use super::*;

/// The good bundle with one settings file.
fn with(file: &str, text: &str) -> TempDir {
    let dir = good();
    put(&dir, file, text);
    dir
}

fn violations(file: &str, text: &str) -> Vec<String> {
    let refusal = refused(&with(file, text));
    assert_eq!((refusal.reason, en(&refusal.file).as_str()), ("INVALID_SETTINGS", file));
    en(&refusal.problem).split("; ").map(str::to_owned).collect()
}

const POOL: &str = "amount: 50000.10\nrule:\n\
    - {share: 60, by: tiers, tiers: [{name: A, top_percent: 20, weight: 3}, {name: B, top_percent: 80, weight: 1.5}]}\n\
    - {share: 30, by: score}\n- {share: 10, by: team_fund}\n";
const SCHEME: &str = "name: S\nversion: 2\nkpis:\n\
    - {id: n, measure: records, target: team_median, weight: 60}\n\
    - {id: fast, measure: mean, of: first_reply_seconds, direction: lower, target: 30, weight: 40, normalisation: min_max,\n   small_sample: {min_count: 20}}\n";

#[test]
fn without_settings_the_defaults_of_the_architecture_hold() {
    let bundle = read(&good()).bundle;
    assert_eq!((bundle.group.currency.as_str(), bundle.group.zone.as_str()), ("CNY", "Asia/Shanghai"));
    let Policy { grace_minutes, handover_max_hours, session_window_minutes, min_ambiguous, .. } = bundle.policy;
    assert_eq!((grace_minutes, handover_max_hours, session_window_minutes, min_ambiguous), (15, 16, 10, 50));
    assert_eq!((bundle.policy.inference, bundle.policy.cut_over.as_str()), (Inference::Auto, "04:00"));
    let weights: Vec<_> = bundle.scheme.kpis.iter().map(|k| (k.id.as_str(), k.weight.to_string())).collect();
    let expected = [("records", "40"), ("first_reply", "20"), ("resolved", "20"), ("rating", "20")];
    assert_eq!(weights, expected.map(|(id, w)| (id, w.to_owned())));
    assert_eq!((bundle.scheme.kpis[0].target, bundle.pool), (Target::TeamMedian, None));
    assert_eq!(bundle.scheme.kpis[1].at_most, Some(Decimal::from(30)));
    assert_eq!(bundle.scheme.kpis[3].at_least, Some(Decimal::from(4)));
}

#[test]
fn branches_live_in_regions() {
    let bundle = read(&with("group.yaml", "name: 星河\nbranches: {杭州: east, 西安: west}\n")).bundle;
    assert_eq!((bundle.region_of("杭州/客服/一组"), bundle.region_of("Berlin/Chat")), ("east", "default"));
    assert_eq!(bundle.findings.iter().map(|f| f.subject.as_str()).collect::<Vec<_>>(), ["西安"]);
}

#[test]
fn all_violations_of_a_file_come_at_once() {
    let found = violations(
        "group.yaml",
        "curency: CNY\nzone: Mars/Base\nperiod: {from: 2026-03-31, to: 2026-03-01}\ncurrency: yuan\n",
    );
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(found.iter().any(|f| f == "curency is not a known key (is currency meant?)"), "{found:#?}");
    assert!(found.iter().any(|f| f.starts_with("period.to is 2026-03-01, before from")), "{found:#?}");
}

#[test]
fn broken_yaml_says_where() {
    let refusal = refused(&with("policy.yaml", "version: 1\n  grace: [\n"));
    assert_eq!(refusal.reason, "BAD_YAML");
    assert!(en(&refusal.problem).contains("line 2"), "{refusal}");
    assert_eq!(violations("policy.yaml", "- 1\n"), ["the file is not a mapping of keys to values"]);
}

#[test]
fn broken_yaml_says_why_in_the_language_of_its_reader() {
    for (text, english, chinese) in [
        ("name: [\n", "a value is expected there", "此处应有一个值"),
        ("name: [a\nzone: b\n", "is not closed", "没有闭合"),
        ("name: \"a\n", "is not closed", "没有闭合"),
        ("name: a: b\n", "does not fit there", "缩进不对"),
        ("name: a\nname: b\n", "the key name comes twice", "键 name 出现了两次"),
        ("name: @a\n", "no value begins with this sign", "值不能以此符号开头"),
        ("name:\n\tzone: b\n", "a tab stands", "制表符"),
        ("name: *a\n", "is a reference or a tag", "引用或标签"),
        ("name: \"a\\qb\"\n", "a backslash in double quotes", "反斜杠"),
    ] {
        let refusal = refused(&with("group.yaml", text));
        let said = refusal.told(Locale::ZhCn);
        assert!(en(&refusal.problem).contains(english), "{text:?}: {refusal}");
        assert!(said.contains(chinese) && said.contains("解析器原文"), "{text:?}: {said}");
    }
    assert!(refused(&with("group.yaml", "a: 1\nname: @a\n")).told(Locale::ZhCn).contains("第 2 行第 7 列"));
}

#[test]
fn a_key_that_comes_twice_is_told_with_the_lines_of_both() {
    for (file, text, first, second) in [
        ("group.yaml", "# a\nname: a\nzone: UTC\n\nname: b\n", 2, 5),
        ("group.yaml", "branches:\n  East: a\n  \"West\": b\n  East: c\n", 2, 4),
        ("group.yaml", "name: a\nbranches: {East: a,\n  West: b,\n  West: c}\n", 3, 4),
        ("pool.yaml", "amount: 5\nrule:\n- share: 50\n  by: score\n- share: 50\n  by: score\n  share: 5\n", 5, 7),
        ("group.yaml", "branches:\n  7: a\n  7: b\n", 2, 3),
    ] {
        let refusal = refused(&with(file, text));
        let (problem, chinese) = (en(&refusal.problem), refusal.told(Locale::ZhCn));
        assert!(problem.starts_with(&format!("it is not valid YAML in line {second}, column ")), "{text}: {problem}");
        assert!(problem.contains(&format!("comes twice, in line {first} and in line {second} ")), "{text}: {problem}");
        assert!(!problem.contains("at line"), "what the parser says of the line is not so: {problem}");
        assert!(chinese.contains(&format!("出现了两次（第 {first} 行和第 {second} 行）")), "{text}: {chinese}");
    }
}

#[test]
fn a_branch_without_a_region_is_named() {
    assert_eq!(
        violations("group.yaml", "branches: {East: , West: ' ', 7: [x]}\n"),
        ["branches.East has no value", "branches.West has no value", "branches.7 is not text",]
    );
}

#[test]
fn the_policy_is_read_and_bounded() {
    let bundle = read(&with("policy.yaml", "version: 1\ninference: off\ngrace_minutes: 5\ncut_over: '5:30'\n")).bundle;
    let expected = Policy {
        version: 1,
        inference: Inference::Off,
        grace_minutes: 5,
        cut_over: "05:30".to_owned(),
        ..Policy::default()
    };
    assert_eq!(bundle.policy, expected);
    let split = |parts: &str| format!("split: {{version: spring, {parts}}}\n");
    let read = read(&with("policy.yaml", &split("first_answer: 33.3333, closer: 50, after_sales: 16.6667")));
    let parts = read.bundle.policy.split.as_ref().and_then(super::super::group::Split::parts);
    assert_eq!(parts, Some([333_333, 500_000, 166_667]));
    for wrong in [
        "first_answer: 30, closer: 50",
        "first_answer: 30, closer: 50, after_sales: 21",
        "first_answer: 33.33333, closer: 50, after_sales: 16.66667",
    ] {
        let found = violations("policy.yaml", &split(wrong));
        assert_eq!(found.len(), 1, "{wrong}: {found:#?}");
    }
    let found = violations("policy.yaml", "version: 4\ninference: maybe\ngrace_minutes: -1\ncut_over: noon\n");
    assert_eq!(found.len(), 4, "{found:#?}");
}

#[test]
fn a_scheme_is_read() {
    let scheme = read(&with("scheme.yaml", SCHEME)).bundle.scheme;
    assert_eq!((scheme.name.as_str(), scheme.version, scheme.kpis.len()), ("S", 2, 2));
    let fast = &scheme.kpis[1];
    assert_eq!((fast.direction, fast.normalisation), (Direction::Lower, Normalisation::MinMax));
    assert_eq!(fast.small_sample, Some(SmallSample { min_count: 20 }));
    assert_eq!((fast.unit.as_deref(), fast.cap, fast.floor), (None, Decimal::from(120), Decimal::ZERO));
}

#[test]
fn scheme_weights_that_do_not_sum_are_refused() {
    let found = violations("scheme.yaml", &SCHEME.replace("weight: 40", "weight: 39.9"));
    assert_eq!(found, ["kpis have weights that sum to 99.9, not to 100"]);
}

#[test]
fn zero_weights_are_refused() {
    let found =
        violations("scheme.yaml", &SCHEME.replace("weight: 60", "weight: 0").replace("weight: 40", "weight: 100"));
    assert_eq!(found, ["kpis[1].weight is not above 0: leave the KPI out instead"]);
    let pool = POOL.replace("weight: 3", "weight: 0").replace("weight: 1.5", "weight: 0.0");
    assert_eq!(violations("pool.yaml", &pool), ["rule[1].tiers have only weights of 0"]);
}

#[test]
fn a_kpi_must_measure_something_that_is_there() {
    let found = violations(
        "scheme.yaml",
        "kpis:\n- {id: a, measure: share, of: rating, target: 0.9, weight: 100}\n- {id: a, weigth: 3}\n",
    );
    assert!(found.iter().any(|f| f.contains("one of at_most and at_least")), "{found:#?}");
    assert!(found.iter().any(|f| f == "kpis[2].weigth is not a known key (is weight meant?)"), "{found:#?}");
    assert!(found.iter().any(|f| f == "kpis[2].id is that of an earlier KPI"), "{found:#?}");
    let refusal = refused(&with("scheme.yaml", &SCHEME.replace("of: first_reply_seconds", "of: first_reply_second")));
    assert_eq!(refusal.reason, "UNKNOWN_MEASURE");
    assert!(en(&refusal.problem).contains("is first_reply_seconds meant?"), "{refusal}");
}

#[test]
fn a_pool_is_read() {
    let pool = read(&with("pool.yaml", POOL)).bundle.pool.expect("a pool");
    assert_eq!((pool.amount_minor, pool.currency.as_str(), pool.rule.len()), (5_000_010, "CNY", 3));
    assert_eq!(pool.rule[0].tiers[1].weight, Decimal::new(15, 1));
    let simple = read(&with("pool.yaml", "amount: 100\n")).bundle.pool.expect("a pool");
    assert_eq!((simple.rule.len(), simple.rule[0].by), (1, PoolRule::Score));
}

#[test]
fn pool_shares_and_quotas_that_do_not_sum_are_refused() {
    assert_eq!(
        violations("pool.yaml", &POOL.replace("share: 30", "share: 31")),
        ["rule has shares that sum to 101, not to 100"]
    );
    let found = violations("pool.yaml", &POOL.replace("top_percent: 20", "top_percent: 19.5"));
    assert_eq!(found, ["rule[1].tiers have top_percent that sum to 99.5, not to 100"]);
}

#[test]
fn pool_money_must_be_an_amount_of_the_groups_currency() {
    assert_eq!(violations("pool.yaml", "amount: 1.005\n").len(), 2);
    // YAML would make 1, 16 and 1 of them.
    for doubtful in ["1.000", "0x10", "1.0000000000000001"] {
        assert!(violations("pool.yaml", &format!("amount: {doubtful}\n"))[0].contains(doubtful), "{doubtful}");
    }
    let negative = violations("pool.yaml", "amount: -1\n");
    assert_eq!(negative, ["amount is negative: write the money that there is to split, above 0"]);
    assert!(violations("pool.yaml", "amount: 0\n")[0].contains("is 0"));
    assert!(violations("pool.yaml", "amount: 5\ncurrency: USD\n")[0].contains("the group's amounts are in CNY"));
    assert!(violations("pool.yaml", "currency: CNY\n")[0].contains("amount is missing"));
}

#[test]
fn numbers_of_settings_have_a_point_and_no_grouping_however_cells_are_written() {
    let dir = good();
    put(&dir, "records.csv", format!("{HEAD}{}", ROW.replace("12.5", "12").replace("199.00", "199")));
    for (numbers, amount, minor) in [
        ("{decimal: \",\", grouping: \".\"}", "1000.50", 100_050),
        ("{decimal: \",\", grouping: \".\"}", "0.500", 50),
        ("{decimal: \",\", grouping: \".\"}", "60000", 6_000_000),
        ("{decimal: \".\", grouping: \",\"}", "12.50", 1_250),
    ] {
        put(&dir, "group.yaml", format!("numbers: {numbers}\n"));
        put(&dir, "pool.yaml", format!("amount: {amount}\n"));
        assert_eq!(read(&dir).bundle.pool.expect("a pool").amount_minor, minor, "{amount}");
    }
    for (numbers, amount, cure) in [
        ("{decimal: \",\", grouping: \".\"}", "60.000", "write 60000, or 60.0 where that is meant"),
        ("{decimal: \",\", grouping: \".\"}", "60.125", "write 60125, or 60.1250 where that is meant"),
        ("{decimal: \",\", grouping: \".\"}", "1.000.000", "write 1000000"),
        ("{decimal: \".\", grouping: \",\"}", "\"1,000.50\"", "write 1000.50"),
    ] {
        put(&dir, "group.yaml", format!("numbers: {numbers}\n"));
        put(&dir, "pool.yaml", format!("amount: {amount}\n"));
        let refusal = refused(&dir);
        let problem = en(&refusal.problem);
        assert_eq!((en(&refusal.file), problem.matches("amount ").count()), ("pool.yaml".to_owned(), 1), "{problem}");
        assert!(problem.starts_with("amount ") && problem.ends_with(cure), "{problem}");
    }
    put(&dir, "group.yaml", "numbers: {decimal: \",\", grouping: \".\"}\n");
    put(&dir, "pool.yaml", "amount: 5\n");
    let scheme = "name: \"1.000\"\nkpis:\n  - {id: a, measure: records, target: 1.000, weight: 100}\n";
    put(&dir, "scheme.yaml", scheme);
    let problem = en(&refused(&dir).problem);
    assert!(problem.starts_with("kpis[1].target '1.000'") && !problem.contains("name"), "{problem}");
    put(&dir, "scheme.yaml", scheme.replace("target: 1.000", "target: 1.0"));
    assert!(read(&dir).rejected.is_empty());
}

#[test]
fn an_amount_with_too_many_decimals_is_told_what_to_write_where_group_yaml_says_how_numbers_are_written() {
    let (comma, point) = ("{decimal: \",\"}", "{decimal: \".\", grouping: \",\"}");
    for (numbers, amount, reason, cure, chinese) in [
        (
            comma,
            "12,500",
            "group.yaml says that ',' stands before decimals",
            "write 12500 or 12,50, whichever is meant",
            "请写 12500 或 12,50，以所指者为准",
        ),
        (
            comma,
            "12,505",
            "group.yaml says that ',' stands",
            "write 12505 where that is meant, or round it",
            "如指 12505 请这样写，否则请舍入",
        ),
        (
            comma,
            "1,2345",
            "group.yaml says that ',' stands",
            "round it to the smallest unit",
            "请舍入到该货币的最小单位",
        ),
        (
            point,
            "12.500",
            "group.yaml says that '.' stands",
            "write 12500 or 12.50, whichever is meant",
            "请写 12500 或 12.50",
        ),
    ] {
        let dir = good();
        put(&dir, "group.yaml", format!("numbers: {numbers}\n"));
        let row = |id: &str, amount: &str| {
            ROW.replace("12.5", "12").replace("R1", id).replace("199.00", &format!("\"{amount}\""))
        };
        put(&dir, "records.csv", format!("{HEAD}{}{}", row("R1", "7"), row("R2", amount)));
        let reading = read(&dir);
        let [row] = reading.rejected.as_slice() else { panic!("{:#?}", reading.rejected) };
        let (said, what) = (en(&row.reason), en(&row.cure));
        assert!(said.starts_with(amount) && said.contains(reason), "{amount}: {said}");
        assert!(what.starts_with(cure) && !what.contains("group.yaml"), "{amount}: {what}");
        let what = tally_i18n::text(Locale::ZhCn, &row.cure);
        assert!(what.starts_with(chinese), "{amount}: {what}");
        assert_eq!(row.code, "AMOUNT_DECIMALS");
    }
}

#[test]
fn a_number_beyond_its_range_is_told_as_it_is_written() {
    let dir = good();
    put(&dir, "group.yaml", "numbers: {decimal: \",\", grouping: \".\"}\n");
    let row = |id: &str, rating: &str| {
        ROW.replace("12.5", "12").replace("199.00", "1").replace("R1", id).replace(",5,", &format!(",{rating},"))
    };
    put(&dir, "records.csv", format!("{HEAD}{}{}{}", row("R1", "5"), row("R2", "\"12,5\""), row("R3", "1.5")));
    let reading = read(&dir);
    let [range, other] = reading.rejected.as_slice() else { panic!("{:#?}", reading.rejected) };
    assert!(en(&range.reason).contains("12,5"), "{}", en(&range.reason));
    let cure = "write ',' before decimals and '.' between thousands, or correct `numbers` in group.yaml";
    assert_eq!(en(&other.cure), cure);
    let chinese = "小数点请写“,”，千位分隔请写“.”，或改正 group.yaml 中的 `numbers`";
    assert_eq!(tally_i18n::text(Locale::ZhCn, &other.cure), chinese);
}

#[test]
fn an_amount_of_a_pool_is_told_what_to_write_and_never_to_say_how_cells_are_written() {
    for numbers in ["", "numbers: {decimal: \",\"}\n", "numbers: {decimal: \".\", grouping: \",\"}\n"] {
        for (amount, reason, cure) in [
            ("12.500", "12.500 has more decimals than CNY has (2)", "write 12500 or 12.50, whichever is meant"),
            ("\"12.500\"", "12.500 has more decimals than CNY has (2)", "write 12500 or 12.50, whichever is meant"),
            ("12.505", "12.505 has more decimals than CNY has (2)", "write 12505 where that is meant, or round it"),
            ("1.2345", "1.2345 has more decimals than CNY has (2)", "round it"),
            ("12.50 yuan", "'12.50 yuan' is not an amount", "write digits with a point, such as 1234.50, without"),
            ("\"12,50\"", "'12,50' is not an amount", "write digits with a point, such as 1234.50, without"),
        ] {
            let dir = good();
            put(&dir, "records.csv", format!("{HEAD}{}", ROW.replace("12.5", "12").replace("199.00", "199")));
            put(&dir, "group.yaml", format!("name: G\n{numbers}"));
            put(&dir, "pool.yaml", format!("amount: {amount}\n"));
            let problem = en(&refused(&dir).problem);
            assert!(problem.contains(reason) && problem.contains(&format!("; {cure}")), "{amount}: {problem}");
            assert!(!problem.contains("numbers"), "{amount}: {problem}");
        }
    }
}

#[test]
fn a_measured_column_with_an_odd_cell_is_refused_with_its_line() {
    let measured = "kpis:\n- {id: k, measure: sum, of: score, target: 5, weight: 100}\n";
    let refusal = |group: &str, cells: &[&str]| {
        let dir = with("scheme.yaml", measured);
        put(&dir, "group.yaml", group);
        let row = |(at, cell): (usize, &&str)| {
            let row = ROW.replace("12.5", "12").replace("199.00\n", &format!("199,\"{cell}\"\n"));
            row.replace("R1", &format!("R{at}"))
        };
        let rows: String = cells.iter().enumerate().map(row).collect();
        put(&dir, "records.csv", HEAD.replace('\n', ",score\n") + &rows);
        let refusal = refused(&dir);
        assert_eq!(refusal.reason, "UNKNOWN_MEASURE");
        (en(&refusal.problem), en(&refusal.cure), refusal.told(Locale::ZhCn))
    };
    for (group, cell, reason) in [
        (
            "name: G\n",
            "1,500",
            "'1,500' has a comma, and numbers have a point and no grouping where group.yaml has no `numbers`",
        ),
        ("name: G\n", "0,125", "'0,125' has a comma"),
        ("name: G\n", "1e3", "'1e3' has an exponent"),
        ("name: G\n", "1 500", "'1 500' has spaces between its digits"),
        ("name: G\n", "abc", "'abc' is not a number"),
        ("name: G\nnumbers: {decimal: \".\"}\n", "1,500", "'1,500' is not written as group.yaml says numbers are"),
    ] {
        let (problem, cure, chinese) = refusal(group, &["1", "2", cell, "4", "-"]);
        let said = format!("k measures score, a column of text since one cell is no number: line 4: {reason}");
        assert!(problem.starts_with(&said), "{problem}");
        assert_eq!(cure, "correct the cells, or name a column of numbers in records.csv");
        assert!(chinese.contains("第 4 行：") && chinese.contains(cell), "{chinese}");
    }
    let (problem, ..) = refusal("name: G\n", &["1", "a", "b", "c", "d", "6", "7", "8", "9"]);
    assert!(problem.contains("since 4 cells are no numbers: line 3: 'a' is not a number; line 4: "), "{problem}");
    assert!(problem.contains("line 5: 'c'") && !problem.contains("line 6"), "{problem}");
    let (problem, cure, _) = refusal("name: G\n", &["a", "b", "c", "4"]);
    assert_eq!(problem, "k measures score, a column that holds text");
    assert_eq!(cure, "name a column of numbers in records.csv");
}

#[test]
fn a_number_that_begins_with_0_has_no_grouping() {
    let dir = good();
    put(&dir, "group.yaml", "numbers: {decimal: \",\", grouping: \".\"}\n");
    let head = HEAD.replace("amount", "amount,score");
    let row = |id: &str, amount: &str, score: &str| {
        let row = ROW.replace("12.5", "12").replace("R1", id);
        row.replace("199.00\n", &format!("\"{amount}\",\"{score}\"\n"))
    };
    for (amount, score, column) in [
        ("0.125", "1", "amount"),
        ("000.125", "1", "amount"),
        ("010.125", "1", "amount"),
        ("0.000.125", "1", "amount"),
        ("1", "-0.125", "score"),
        ("1", "0.125", "score"),
    ] {
        put(&dir, "records.csv", format!("{head}{}{}", row("R1", "1.199,00", "-1.000,5"), row("R2", amount, score)));
        let reading = read(&dir);
        let text = if column == "amount" { amount } else { score };
        let (line, at, reason) = only(&reading);
        assert_eq!((line, at, reason), (3, column, format!("'{text}' is not written as group.yaml says numbers are")));
        assert_eq!(reading.bundle.records[0].amount_minor, Some(119_900));
    }
}

#[test]
fn a_pool_without_people_is_refused() {
    let dir = with("pool.yaml", POOL);
    put(
        &dir,
        "people.csv",
        PEOPLE
            .replace("2024-05-06", "2026-05-06")
            .replace("2025-01-13,,", "2026-05-06,,")
            .replace("2026-03-16", "2026-02-16"),
    );
    assert_eq!(refused(&dir).reason, "POOL_WITHOUT_PEOPLE");
}

#[test]
fn a_pool_for_another_period_is_refused() {
    let dir = with("pool.yaml", "amount: 5\nperiod: {from: 2026-02-01, to: 2026-02-28}\n");
    assert_eq!(refused(&dir).reason, "OTHER_PERIOD");
}

#[test]
fn a_region_has_a_plain_name_and_a_working_day_begins_before_noon() {
    for region in ["华东", "'*'", "East China"] {
        let found = violations("group.yaml", &format!("branches: {{杭州: {region}}}\n"));
        assert!(found[0].contains("puts 杭州 into the region"), "{found:?}");
    }
    assert_eq!(violations("policy.yaml", "cut_over: \"12:00\"\n").len(), 1);
}

#[test]
fn what_nobody_sees_and_what_is_too_large_is_told_in_settings_too() {
    let cases = [
        (
            "group.yaml",
            "name: G\ncurrency: CN\u{200b}Y\n",
            "line 2 holds the character U+200B",
            "delete that character",
        ),
        ("group.yaml", "curr\u{feff}ency: CNY\n", "line 1 holds the character U+FEFF", "delete that character"),
        ("pool.yaml", "amount: 99999999999999999999\n", "too large to be read", "write a smaller number"),
        ("pool.yaml", "amount: 100\namount: 100\n", "comes twice, in line 1 and in line 2", "delete the other"),
    ];
    for (file, text, problem, cure) in cases {
        let dir = good();
        put(&dir, file, text);
        let refusal = refused(&dir);
        assert!(en(&refusal.problem).contains(problem) && en(&refusal.cure).contains(cure), "{refusal}");
    }
    let dir = good();
    put(&dir, "group.yaml", "name: \u{2764}\u{fe0f} G\u{a0}H # \u{200b}\n");
    assert_eq!(read(&dir).bundle.group.name, "\u{2764}\u{fe0f} G\u{a0}H");
}
