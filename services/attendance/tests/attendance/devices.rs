//! Devices of people and of seats: who worked at them, as known now and then, and what is put right.

use jiff::SignedDuration;
use tally_access::Permission::{DeviceRead, DeviceWrite};
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::FactState;
use tally_api::common::v1::Period;
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{NORTH, SOUTH, TestAttendance, account, at, counts, person, reason, shift};

fn of_person(device: &str, n: u128, from: &str, to: &str) -> pb::Device {
    let (person_id, device) = (person(n).to_string(), device.into());
    pb::Device { device, person_id, from: from.into(), to: to.into(), ..Default::default() }
}

fn of_seat(device: &str, seat: &str, from: &str, to: &str) -> pb::Device {
    let unit_id = NORTH.to_string();
    let (device, seat) = (device.into(), seat.into());
    pb::Device { device, seat, from: from.into(), to: to.into(), unit_id, ..Default::default() }
}

fn seated(seat: &str, shift: pb::Shift) -> pb::Shift {
    pb::Shift { seat: seat.into(), ..shift }
}

async fn import(on: &TestAttendance, by: &Caller, rows: Vec<pb::Device>) -> pb::ImportDevicesResponse {
    let ask = pb::ImportDevicesRequest { rows, ..Default::default() };
    on.devices().import_devices(by.request(ask)).await.expect("an answer").into_inner()
}

async fn written(on: &TestAttendance, rows: Vec<pb::Device>) {
    let most = rows.len() as u32;
    assert_eq!(counts(import(on, &on.admin, rows).await.result), (most, 0, vec![]));
}

async fn listed(on: &TestAttendance, ask: pb::ListDevicesRequest) -> Vec<pb::Device> {
    on.devices().list_devices(on.admin.request(ask)).await.expect("an answer").into_inner().devices
}

async fn counting(on: &TestAttendance) -> Vec<pb::Device> {
    listed(on, pb::ListDevicesRequest { counting_only: true, ..Default::default() }).await
}

fn march(devices: &[&str]) -> pb::ListDeviceUsesRequest {
    let period = Some(Period { from: "2026-03-02".into(), to: "2026-03-31".into() });
    let devices = devices.iter().map(|device| (*device).to_owned()).collect();
    pb::ListDeviceUsesRequest { period, devices, ..Default::default() }
}

/// Uses as `device E1 from/to seat`.
async fn uses(on: &TestAttendance, by: &Caller, ask: pb::ListDeviceUsesRequest) -> Vec<String> {
    let mut stream = on.devices().list_device_uses(by.request(ask)).await.expect("an answer").into_inner();
    let mut told = Vec::new();
    let text = |at: Option<prost_types::Timestamp>| {
        let at = at.unwrap_or_default();
        jiff::Timestamp::new(at.seconds, at.nanos).unwrap().to_string()
    };
    while let Some(part) = stream.message().await.expect("an answer") {
        told.extend(part.uses.into_iter().map(|one| {
            let number = (1..=3).find(|n| person(*n).to_string() == one.person_id).unwrap();
            let line = format!("{} E{number} {}/{} {}", one.device, text(one.start), text(one.end), one.seat);
            line.trim_end().to_owned()
        }));
    }
    told
}

on_both!(a_device_is_its_persons_by_their_days_and_a_seats_by_the_roster);
async fn a_device_is_its_persons_by_their_days_and_a_seats_by_the_roster(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let ids = attendance.with_accounts(vec![account("a", "north/a")]).await;
    let early = seated("A1", shift(1, &ids[0], "2026-03-03T00:00:00Z", "2026-03-03T08:00:00Z"));
    let late = seated("A1", shift(2, &ids[0], "2026-03-03T08:00:00Z", "2026-03-03T16:00:00Z"));
    let none = shift(2, &ids[0], "2026-03-04T08:00:00Z", "2026-03-04T16:00:00Z");
    assert_eq!(counts(attendance.publish(vec![early, late.clone(), none]).await), (3, 0, vec![]));
    let other = attendance.publish(vec![seated("B2", late.clone())]).await;
    assert_eq!(counts(other.clone()), (0, 0, vec![(0, "ALREADY_DIFFERENT".into())]));
    assert!(other.unwrap_or_default().problems[0].message.contains("another seat"));
    assert_eq!(counts(attendance.publish(vec![late]).await), (0, 1, vec![]));

    let rows = vec![
        of_person("PC-1", 1, "2026-03-05", "2026-03-06"),
        of_person("pc-1", 3, "", "2026-02-01"),
        of_seat("desk", "A1", "", ""),
        of_seat("empty", "Z9", "", ""),
    ];
    written(&attendance, rows.clone()).await;
    assert_eq!(
        counts(import(&attendance, &attendance.admin, rows).await.result),
        (0, 4, vec![]),
        "as often as it comes"
    );
    let all = uses(&attendance, &attendance.admin, march(&[])).await;
    let own = "PC-1 E1 2026-03-04T16:00:00Z/2026-03-06T16:00:00Z";
    let early = "desk E1 2026-03-02T23:45:00Z/2026-03-03T08:00:00Z A1";
    assert_eq!(all, [own, early, "desk E2 2026-03-03T08:00:00Z/2026-03-03T16:15:00Z A1"]);
    assert_eq!(uses(&attendance, &attendance.admin, march(&["PC-1", "pc-1", "nobody's"])).await, [own]);
    let exact = pb::ListDeviceUsesRequest { grace_minutes: Some(0), ..march(&["desk"]) };
    let exact = uses(&attendance, &attendance.admin, exact).await;
    assert_eq!(exact[0], "desk E1 2026-03-03T00:00:00Z/2026-03-03T08:00:00Z A1");
    // Who may see one of two sees what that one worked at, and whose time it was does not depend on it.
    let mine = uses(&attendance, &attendance.agent(1, &[DeviceRead]), march(&[])).await;
    assert_eq!(mine, [own, early]);
    assert_eq!(uses(&attendance, &attendance.of_unit(SOUTH, &[DeviceRead]), march(&[])).await, [""; 0]);
    let refused = attendance.devices().list_device_uses(attendance.agent(1, &[]).request(march(&[]))).await;
    assert_eq!(tally_rpc::error_from(refused.err().unwrap()).reason(), "PERMISSION_DENIED");
}

on_both!(bad_rows_are_refused_by_themselves_and_a_device_of_two_is_kept_and_told);
async fn bad_rows_are_refused_by_themselves_and_a_device_of_two_is_kept_and_told(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let rows = vec![
        pb::Device { seat: "A1".into(), ..of_person("PC-1", 1, "", "") },
        of_seat("PC-1", " ", "", ""),
        of_person("PC-1", 9, "", ""),
        of_person("PC-1", 1, "2026-03-05", "2026-03-04"),
        of_person("P\u{200b}C", 1, "", ""),
        pb::Device { unit_id: person(1).to_string(), ..of_seat("PC-2", "A1", "", "") },
        pb::Device { unit_id: String::new(), region: "mars".into(), ..of_seat("PC-2", "A1", "", "") },
        of_person("PC-1", 1, "", "2026-03-09"),
    ];
    let done = import(&attendance, &attendance.admin, rows).await;
    let refused = |reason: &str, rows: &[u32]| rows.iter().map(|row| (*row, reason.to_owned())).collect::<Vec<_>>();
    let mut problems = refused("ROW_INVALID", &[0, 1, 3, 4]);
    problems.extend(refused("PERSON_UNKNOWN", &[2]));
    problems.extend(refused("PLACE_WRONG", &[5, 6]));
    problems.sort();
    assert_eq!((counts(done.result), done.findings), ((1, 0, problems), vec![]));

    let two = vec![of_person("PC-1", 2, "2026-03-09", ""), of_person("PC-1", 1, "", "2026-03-31")];
    let done = import(&attendance, &attendance.admin, two).await;
    assert_eq!(counts(done.result), (1, 0, vec![(1, "ALREADY_DIFFERENT".into())]));
    let told: Vec<_> = done.findings.iter().map(|f| (f.kind.as_str(), f.subject.as_str())).collect();
    assert_eq!(told, [("DEVICE_OF_SEVERAL", "PC-1")]);
    assert!(done.findings[0].detail.contains("2026-03-09"), "{}", done.findings[0].detail);
    let found = uses(&attendance, &attendance.admin, march(&["PC-1"])).await;
    let until = "PC-1 E1 2026-03-01T00:00:00Z/2026-03-09T16:00:00Z";
    assert_eq!(found, [until, "PC-1 E2 2026-03-08T16:00:00Z/2026-04-02T00:00:00Z"], "both, a day beyond the period");
}

on_both!(a_device_is_moved_and_ended_and_its_history_stays_as_known_then);
async fn a_device_is_moved_and_ended_and_its_history_stays_as_known_then(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let ids = attendance.with_accounts(vec![account("a", "north/a"), account("b", "south/b")]).await;
    attendance.publish(vec![seated("A1", shift(2, &ids[0], "2026-03-12T01:00:00Z", "2026-03-12T09:00:00Z"))]).await;
    written(&attendance, vec![of_person("PC-1", 1, "", "")]).await;
    let first = counting(&attendance).await.remove(0);
    attendance.callers.clock.advance(SignedDuration::from_mins(1));
    let moved = pb::MoveDeviceRequest {
        device_id: first.device_id.clone(),
        seat: "A1".into(),
        from: "2026-03-10".into(),
        ..Default::default()
    };
    let by = |permissions: &[_]| attendance.of_unit(SOUTH, permissions);
    let beyond = attendance.corrections().move_device(by(&[DeviceWrite]).request(moved.clone())).await;
    assert_eq!(reason(beyond), "PERMISSION_DENIED");
    let both = pb::MoveDeviceRequest { person_id: person(2).to_string(), ..moved.clone() };
    assert_eq!(reason(attendance.corrections().move_device(attendance.admin.request(both)).await), "INVALID_REQUEST");
    let done =
        attendance.corrections().move_device(attendance.admin.request(moved.clone())).await.unwrap().into_inner();
    let correction = done.correction.unwrap_or_default();
    let touched = correction.touched.unwrap_or_default();
    let accounts: Vec<_> = touched.accounts.iter().map(|account| account.account_id.clone()).collect();
    assert_eq!((accounts, touched.from.as_str(), touched.to.as_str()), (vec![ids[0].clone()], "2026-03-10", ""));
    assert_eq!(touched.person_ids, [person(1).to_string(), person(2).to_string()], "and who is rostered on the seat");
    assert_eq!(reason(attendance.corrections().move_device(attendance.admin.request(moved)).await), "FACT_SUPERSEDED");
    let kept = "PC-1 E1 2026-03-01T00:00:00Z/2026-03-09T16:00:00Z";
    let at_seat = "PC-1 E2 2026-03-12T00:45:00Z/2026-03-12T09:15:00Z A1";
    assert_eq!(uses(&attendance, &attendance.admin, march(&[])).await, [kept, at_seat]);

    let there = counting(&attendance).await;
    let seat = there.iter().find(|device| device.seat == "A1").unwrap();
    assert_eq!((seat.region.as_str(), seat.unit_id.as_str()), ("cn-north", NORTH.to_string().as_str()));
    attendance.callers.clock.advance(SignedDuration::from_mins(1));
    let end =
        |to: &str| pb::EndDeviceRequest { device_id: seat.device_id.clone(), to: to.into(), ..Default::default() };
    let outside = attendance.corrections().end_device(attendance.admin.request(end("2026-03-09"))).await;
    assert_eq!(reason(outside), "INVALID_REQUEST");
    let ended = attendance.corrections().end_device(attendance.admin.request(end("2026-03-11"))).await.unwrap();
    let ended = ended.into_inner().correction.unwrap_or_default();
    assert_eq!((ended.person_id.as_str(), ended.touched.unwrap_or_default().from.as_str()), ("", "2026-03-12"));
    let read = pb::GetCorrectionRequest { correction_id: ended.correction_id };
    let read = attendance.corrections().get_correction(attendance.admin.request(read)).await.unwrap().into_inner();
    let Some(pb::duty_fact::Fact::Device(before)) = read.correction.unwrap_or_default().before.unwrap_or_default().fact
    else {
        panic!("a device")
    };
    assert_eq!((before.device.as_str(), before.seat.as_str(), before.from.as_str()), ("PC-1", "A1", "2026-03-10"));
    assert_eq!(uses(&attendance, &attendance.admin, march(&[])).await, [kept]);
    let known = |when: &str| pb::ListDeviceUsesRequest { known_at: at(when), ..march(&[]) };
    let then = uses(&attendance, &attendance.admin, known("2026-03-02T01:01:30Z")).await;
    assert_eq!(then, [kept, at_seat], "between move and end");
    let before = uses(&attendance, &attendance.admin, known("2026-03-02T01:00:30Z")).await;
    assert_eq!(before, ["PC-1 E1 2026-03-01T00:00:00Z/2026-04-02T00:00:00Z"]);
    assert_eq!(uses(&attendance, &attendance.admin, known("2026-03-02T00:00:00Z")).await, [""; 0]);
    let all = listed(&attendance, pb::ListDevicesRequest::default()).await;
    let moved = all.iter().filter(|d| d.standing.clone().unwrap_or_default().state() == FactState::Moved);
    assert_eq!((all.len(), moved.count()), (4, 2));
    let again = import(&attendance, &attendance.admin, vec![of_person("PC-1", 1, "", "")]).await;
    assert_eq!(counts(again.result), (0, 1, vec![]), "it stays as it was put right");
}

on_both!(a_shift_changes_its_seat_and_keeps_it_else);
async fn a_shift_changes_its_seat_and_keeps_it_else(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let ids = attendance.with_accounts(vec![account("a", "north/a")]).await;
    attendance.publish(vec![seated("A1", shift(1, &ids[0], "2026-03-03T01:00:00Z", "2026-03-03T09:00:00Z"))]).await;
    written(&attendance, vec![of_seat("PC-1", "A1", "", "")]).await;
    let shifts = async || {
        let ask = pb::ListShiftsRequest {
            from: at("2026-03-01T00:00:00Z"),
            to: at("2026-03-31T00:00:00Z"),
            counting_only: true,
            ..Default::default()
        };
        attendance.rosters().list_shifts(attendance.admin.request(ask)).await.unwrap().into_inner().shifts
    };
    let change = async |ask: pb::ChangeShiftRequest| {
        let shift_id = shifts().await[0].shift_id.clone();
        let ask = pb::ChangeShiftRequest { shift_id, ..ask };
        let done = attendance.corrections().change_shift(attendance.admin.request(ask)).await.unwrap().into_inner();
        done.correction.unwrap_or_default().touched.unwrap_or_default()
    };
    change(pb::ChangeShiftRequest { end: at("2026-03-03T10:00:00Z"), ..Default::default() }).await;
    let changed = uses(&attendance, &attendance.admin, march(&[])).await;
    assert_eq!(changed, ["PC-1 E1 2026-03-03T00:45:00Z/2026-03-03T10:15:00Z A1"]);
    let touched = change(pb::ChangeShiftRequest { seat: Some(String::new()), ..Default::default() }).await;
    let days: Vec<_> = touched.accounts.iter().map(|a| (a.account_id.clone(), a.days.clone())).collect();
    assert_eq!(days, [(ids[0].clone(), vec!["2026-03-03".to_owned()])], "though nobody's duty differs");
    assert_eq!(shifts().await[0].seat, "");
    assert_eq!(uses(&attendance, &attendance.admin, march(&[])).await, [""; 0]);
    change(pb::ChangeShiftRequest { seat: Some("A1".into()), ..Default::default() }).await;
    assert_eq!(shifts().await[0].seat, "A1");
}
