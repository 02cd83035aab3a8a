//! Rows at every limit of the suite, and one beyond it: the one is taken, and the other costs itself only.

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
    let lines: Vec<_> = reading.rejected.iter().map(|row| (row.line, row.code())).collect();
    assert_eq!(lines, [2, 3, 4].map(|line| (line, "SHIFT_ENDS_DIFFER")));
    assert!(en(&reading.rejected[0].reason).contains("lines 2, 3, 4"), "{}", en(&reading.rejected[0].reason));
    assert_eq!(reading.bundle.rosters.len(), 1, "a colleague's is another shift");
}

#[test]
fn a_nickname_that_one_person_has_twice_at_a_time_costs_its_own_rows() {
    let dir = good();
    put(&dir, "aliases.csv", "platform,alias,employee_no,from,to\nJD,a,1001,,\nJD,a,1001,2026-03-05,\nJD,b,1001,,\n");
    let reading = read(&dir);
    let lines: Vec<_> = reading.rejected.iter().map(|row| (row.line, row.code())).collect();
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
