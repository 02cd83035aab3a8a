//! devices.csv, and the seats of rosters.csv.

use super::canonical::round;
use super::*;

const DEVICES: &str = "device,employee_no,seat,from,to\n";
const ROSTERS: &str = "employee_no,account,start,end,seat\n";

fn month(devices: &str, rosters: &str) -> TempDir {
    let dir = good();
    put(&dir, "devices.csv", format!("{DEVICES}{devices}"));
    put(&dir, "rosters.csv", format!("{ROSTERS}{rosters}"));
    dir
}

/// Rejected rows: file, line, column, code.
fn rejected(reading: &Reading) -> Vec<(&'static str, u64, &str, &'static str)> {
    assert!(reading.rejected.iter().all(|row| !en(&row.cure).is_empty()));
    reading.rejected.iter().map(|row| (row.file, row.line, row.column.as_str(), row.code)).collect()
}

#[test]
fn devices_are_of_people_or_of_seats_and_read_back_as_they_were() {
    let dir = month(
        "PC-7,1002,,2026-03-05,\npc-7,,A1,,\nPC-7,1001,,,2026-03-31\nPC-7,1001,,,2026-03-31\nPC-7,1001,,2026-04-02,\n",
        "1001,berlin,2026-03-02 22:00,2026-03-03 06:00,A1\n1001,berlin,2026-03-03 22:00,2026-03-04 06:00,\n",
    );
    let (reading, digests) = round(&dir);
    assert_eq!(rejected(&reading), []);
    let bundle = &reading.bundle;
    let owner = |device: &OwnedDevice| match &device.owner {
        DeviceOwner::Person(person) => bundle.person(*person).employee_no.clone(),
        DeviceOwner::Seat(seat) => format!("seat {seat}"),
    };
    let told: Vec<_> =
        bundle.owned.iter().map(|d| (d.device.as_str(), owner(d), d.from.is_some(), d.to.is_some())).collect();
    let own = |number: &str, from, to| ("PC-7", number.to_owned(), from, to);
    let seat = ("pc-7", "seat A1".to_owned(), false, false);
    assert_eq!(told, [own("1001", false, true), own("1001", true, false), own("1002", true, false), seat]);
    assert_eq!(bundle.rosters.iter().map(|r| r.seat.as_deref()).collect::<Vec<_>>(), [Some("A1"), None]);
    assert!(digests.iter().any(|file| file.file == "devices.csv"));
}

#[test]
fn rosters_without_seats_are_written_as_before_there_were_any() {
    let dir = month("", "1001,berlin,2026-03-02 22:00,2026-03-03 06:00,\n");
    let out = TempDir::new().expect("a folder");
    let with = write_normalised(&read(&dir).bundle, out.path(), Locale::En).expect("written");
    put(&dir, "rosters.csv", "employee_no,account,start,end\n1001,berlin,2026-03-02 22:00,2026-03-03 06:00\n");
    fs::remove_file(dir.path().join("devices.csv")).expect("a file");
    assert_eq!(write_normalised(&read(&dir).bundle, out.path(), Locale::En).expect("written"), with);
    let text = fs::read_to_string(out.path().join("rosters.csv")).expect("a file");
    assert!(text.starts_with("employee_no,account,start,end\n"), "{text}");
}

#[test]
fn a_row_that_says_nothing_or_two_things_is_rejected_and_the_others_are_kept() {
    let reading = read(&month(
        "PC-1,1001,A1,,\nPC-1,,,,\n,1001,,,\nPC-1,9999,,,\nPC-1,1001,,2026-03-05,2026-03-04\n\
         PC-2,1001,,2026-03-05,2026-03-06\nPC-2,1001,,2026-03-05,\nPC-2,1001,,,x\nPC-3,1001,,,\n",
        "1001,berlin,2026-03-02 22:00,2026-03-03 06:00,A1\n1001,berlin,2026-03-02 22:00,2026-03-03 06:00,B2\n",
    ));
    let of = |line, column, code| ("devices.csv", line, column, code);
    let wrong = [
        of(2, "seat", "DEVICE_OF_BOTH"),
        of(3, "seat", "DEVICE_OF_NOTHING"),
        of(4, "device", "IT_IS_EMPTY"),
        of(5, "employee_no", "NOT_IN_PEOPLE"),
        of(6, "to", "PERIOD_BACKWARDS"),
        of(7, "to", "DEVICE_TWICE"),
        of(8, "to", "DEVICE_TWICE"),
    ];
    let told = rejected(&reading);
    assert_eq!(told[..7], wrong);
    assert_eq!((told[7].1, told[7].2), (9, "to"));
    let rosters: Vec<_> = told[8..].iter().map(|row| (row.0, row.1, row.3)).collect();
    assert_eq!(rosters, [("rosters.csv", 2, "SHIFT_SEATS_DIFFER"), ("rosters.csv", 3, "SHIFT_SEATS_DIFFER")]);
    let kept: Vec<_> = reading.bundle.owned.iter().map(|device| device.device.as_str()).collect();
    assert_eq!(kept, ["PC-3"]);
    let said = en(&reading.rejected[8].reason);
    assert!(said.contains("lines 2, 3") && said.contains("different seats"), "{said}");
}
