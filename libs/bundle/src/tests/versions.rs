//! Revisions, refunds and currencies of records.

use super::canonical::round;
use super::*;

const MORE: &str = ",customer,revision,revised_at,currency,refers_to\n";

/// A record of kf01 on this minute of the 3rd: its id, amount, and what the further columns say.
fn row(id: &str, amount: &str, more: &str) -> String {
    format!("JD,星河旗舰店,kf01,{id},2026-03-03 09:00,2026-03-03 09:05,,,,,,{amount},,{more}\n")
}

fn bundle(rows: &[String]) -> TempDir {
    let dir = good();
    put(&dir, "records.csv", HEAD.replace('\n', MORE) + &ROW.replace('\n', ",,,,,\n") + &rows.concat());
    dir
}

#[test]
fn the_highest_revision_of_a_record_counts_and_what_it_left_behind_is_told() {
    let rows =
        [row("A", "1", "2,,,"), row("A", "2", "10,,,"), row("A", "3", ",,,"), row("B", "1", ",2026-03-04 10:00,,")];
    let (reading, _) = round(&bundle(&rows));
    let of = |id: &str| {
        let bundle = &reading.bundle;
        let record = bundle.records.iter().find(|record| bundle.text(record.external_id) == id).expect("a record");
        (record.amount_minor, record.revision)
    };
    assert_eq!(of("A"), (Some(200), 10));
    assert_eq!(of("B"), (Some(100), 1_772_589_600_000), "the time of the change, by the account's clock");
    assert_eq!(of("R1"), (Some(19_900), 0));
    let told: Vec<_> = reading.bundle.findings.iter().map(|finding| en(&finding.detail)).collect();
    assert!(told.iter().any(|text| text.contains("10 counts (2 rows of earlier ones left out)")), "{told:#?}");
    let twice = [row("A", "1", "2,,,"), row("A", "2", "2,,,"), row("A", "3", "1,,,")];
    assert_eq!(round(&bundle(&twice)).0.rejected.len(), 2, "nobody can tell which of one revision is right");
}

#[test]
fn a_refund_is_negative_and_names_what_it_takes_from_and_an_amount_has_the_places_of_its_currency() {
    let rows = [
        row("A", "-12.50", ",,,R1"),
        row("B", "5000", ",,JPY,"),
        row("C", "−1.00", ",,人民币,"),
        row("D", "3", ",,,R1"),
        row("E", "", ",,,R1"),
        row("F", "-3", ",,,"),
        row("G", "1.5", ",,JPY,"),
        row("H", "1", ",,gold,"),
        row("I", "1", "-1,,,"),
        row("J", "1", "1,2026-03-04 10:00,,"),
        row("K", "7", ",,RMB,"),
    ];
    let (reading, _) = round(&bundle(&rows));
    let told = |record: &Record| {
        let text = |symbol: Option<Symbol>| symbol.map_or("", |symbol| reading.bundle.text(symbol)).to_owned();
        (text(Some(record.external_id)), record.amount_minor, text(record.currency), text(record.refers_to))
    };
    let read: Vec<_> = reading.bundle.records.iter().map(told).collect();
    let of =
        |id: &str, minor, currency: &str, of: &str| (id.to_owned(), Some(minor), currency.to_owned(), of.to_owned());
    let expected =
        [of("R1", 19_900, "", ""), of("A", -1_250, "", "R1"), of("B", 5_000, "JPY", ""), of("K", 700, "", "")];
    assert_eq!(read, expected);
    let rejected: Vec<_> = reading.rejected.iter().map(|row| row.column.as_str()).collect();
    assert_eq!(
        rejected,
        ["amount", "amount", "amount", "amount", "amount", "currency", "revision", "revised_at"],
        "{:#?}",
        reading.rejected
    );
}

#[test]
fn measures_of_a_month_that_was_closed_before_keep_the_names_that_mean_more_now() {
    let dir = bundle(&[]);
    put(&dir, "records.csv", HEAD.replace('\n', ",customer,currency,revision\n") + &ROW.replace('\n', ",c1,gold,x\n"));
    let literal = Options { literal: true, ..Options::default() };
    let reading = read_bundle(dir.path(), literal, &mut |_, _| {}).expect("the canonical form is usable");
    let names: Vec<_> = reading.bundle.measures.iter().map(|measure| measure.name.as_str()).collect();
    assert_eq!((names, reading.bundle.records[0].revision), (vec!["currency", "revision"], 0));
}
