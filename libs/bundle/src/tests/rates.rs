//! rates.csv.

use super::*;

const HEAD: &str = "date,from,to,rate,source\n";

#[test]
fn rates_are_read_exactly_and_written_back_the_same_and_other_bundles_have_none() {
    let dir = good();
    let rows = "2026-03-16,jpy,CNY,0.0479,central bank\n2026-03-01,JPY,人民币,0.048500000000,central bank\n\
                2026/3/1,USD,CNY,7.123456789012,bank\n2026/3/1,USD,CNY,7.123456789012,bank\n";
    put(&dir, "rates.csv", format!("{HEAD}{rows}"));
    let reading = read(&dir);
    assert_eq!((reading.rejected.len(), kinds(&reading)), (0, vec!["duplicate_row"]));
    let told = |rate: &Rate| format!("{} {} {} {} {}", rate.day, rate.from, rate.to, rate.rate, rate.source);
    let rates: Vec<String> = reading.bundle.rates.iter().map(told).collect();
    let expected = [
        "2026-03-01 JPY CNY 0.0485 central bank",
        "2026-03-01 USD CNY 7.123456789012 bank",
        "2026-03-16 JPY CNY 0.0479 central bank",
    ];
    assert_eq!(rates, expected);
    let out = TempDir::new().unwrap();
    write_normalised(&reading.bundle, out.path(), Locale::En).unwrap();
    let again = read_bundle(out.path(), Options { literal: true, ..Options::default() }, &mut |_, _| {}).unwrap();
    assert_eq!(again.bundle.rates, reading.bundle.rates);
    let files = write_normalised(&read(&good()).bundle, out.path(), Locale::En).unwrap();
    assert!(files.iter().all(|file| file.file != "rates.csv"), "{files:?}");
}

#[test]
fn a_rate_that_is_none_and_rows_that_contradict_each_other_are_rejected_by_name() {
    for (row, column, code) in [
        ("2026-03-01,JPY,CNY,0,bank", "rate", "RATE_NOT_ABOVE_0"),
        ("2026-03-01,JPY,CNY,-1,bank", "rate", "RATE_NOT_ABOVE_0"),
        ("2026-03-01,JPY,CNY,1e2,bank", "rate", "NO_RATE"),
        ("2026-03-01,JPY,CNY,0.1234567890123,bank", "rate", "NO_RATE"),
        ("2026-03-01,CNY,CNY,1,bank", "to", "RATE_OF_ONE_CURRENCY"),
        ("2026-03-01,JPX,CNY,1,bank", "from", "NO_CURRENCY"),
        ("March,JPY,CNY,1,bank", "date", "NO_DATE"),
        ("2026-03-01,JPY,CNY,1,", "source", "IT_IS_EMPTY"),
        ("2026-03-02,JPY,CNY,0.05,bank\n2026-03-02,JPY,CNY,0.06,bank", "", "RATES_CONTRADICT"),
    ] {
        let dir = good();
        put(&dir, "rates.csv", format!("{HEAD}2026-03-01,USD,CNY,7,bank\n{row}\n"));
        let reading = read(&dir);
        let wrong: Vec<_> = reading.rejected.iter().map(|one| (one.file, one.column.as_str(), one.code)).collect();
        assert!(wrong.iter().all(|one| *one == ("rates.csv", column, code)) && !wrong.is_empty(), "{row}: {wrong:?}");
        assert_eq!((wrong.len(), reading.bundle.rates.len()), (row.lines().count(), 1), "{row}");
    }
}

#[test]
fn a_month_without_any_record_is_read_where_the_scheme_measures_nothing_of_records() {
    let dir = good();
    let scheme = "kpis:\n  - {id: visitors, measure: defined, of: visitors, target: 10, weight: 100}\n\
                  measures:\n  - name: visitors\n    of: {observation: {aggregation: sum, subject: unit}}\n";
    put(&dir, "scheme.yaml", scheme);
    for name in ["records.csv", "accounts.csv"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    let refusal = refused(&dir);
    assert_eq!(
        (refusal.reason, en(&refusal.problem).as_str()),
        ("BAD_PERIOD", "no record says which period is closed")
    );
    put(&dir, "group.yaml", "period: {from: 2026-03-01, to: 2026-03-31}\n");
    let reading = read(&dir);
    assert_eq!((reading.bundle.records.len(), reading.bundle.accounts.len(), reading.rejected.len()), (0, 0, 0));
    let out = TempDir::new().unwrap();
    write_normalised(&reading.bundle, out.path(), Locale::En).unwrap();
    let again = read_bundle(out.path(), Options { literal: true, ..Options::default() }, &mut |_, _| {}).unwrap();
    assert_eq!(again.bundle, reading.bundle);
    put(&dir, "records.csv", HEAD_OF_RECORDS);
    assert_eq!(read(&dir).bundle.records.len(), 0, "a header alone is as good");
    fs::remove_file(dir.path().join("scheme.yaml")).unwrap();
    fs::remove_file(dir.path().join("records.csv")).unwrap();
    let refusal = refused(&dir);
    assert_eq!((refusal.reason, en(&refusal.file).as_str()), ("MISSING_FILE", "accounts.csv, records.csv"));
}

const HEAD_OF_RECORDS: &str = super::HEAD;
