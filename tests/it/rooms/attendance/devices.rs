//! Whose devices are: brought in, listed, used, moved and ended.

use tally_api::attendance::v1 as attendance;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::device_service_client::DeviceServiceClient;
use tally_api::common::v1 as common;

use crate::journey::Done;

/// One device of somebody, which a seat has afterwards.
pub async fn journey(done: &Done) {
    let hr = &done.crew.hr;
    let mut devices = DeviceServiceClient::new(hr.at.attendance.clone());
    let mut corrections = CorrectionServiceClient::new(hr.at.attendance.clone());
    let person_id = done.outcome.ids.people.first().expect("somebody").clone();
    let device = attendance::Device { device: "Stand 14".into(), person_id: person_id.clone(), ..Default::default() };
    let ask = attendance::ImportDevicesRequest { rows: vec![device], ..Default::default() };
    let written = devices.import_devices(hr.ask(ask)).await.expect("an answer").into_inner().result.expect("a result");
    assert_eq!((written.written, written.problems.len()), (1, 0), "{written:?}");

    let who = &done.crew.auditor;
    let mut seen = DeviceServiceClient::new(who.at.attendance.clone());
    let list = attendance::ListDevicesRequest { counting_only: true, ..Default::default() };
    let there = seen.list_devices(who.ask(list.clone())).await.expect("devices").into_inner().devices;
    // Beside those of the seats, which the bundle brought.
    let device = there.iter().find(|device| device.device == "Stand 14").expect("the device");
    assert_eq!(device.person_id, person_id);
    let summary = &done.outcome.summary;
    let period = Some(common::Period { from: summary.from.clone(), to: summary.to.clone() });
    let ask = attendance::ListDeviceUsesRequest { period, devices: vec![device.device.clone()], ..Default::default() };
    let mut parts = seen.list_device_uses(who.ask(ask)).await.expect("a stream").into_inner();
    let first = parts.message().await.expect("a part").expect("a part");
    assert_eq!(first.uses.iter().map(|one| &one.person_id).collect::<Vec<_>>(), [&person_id]);

    let moved = attendance::MoveDeviceRequest {
        device_id: device.device_id.clone(),
        seat: "Stand 14".into(),
        from: "2027-01-01".into(),
        ..Default::default()
    };
    corrections.move_device(hr.ask(moved)).await.expect("moved");
    let there = devices.list_devices(hr.ask(list)).await.expect("devices").into_inner().devices;
    let of_seat = there.iter().find(|device| device.seat == "Stand 14").expect("the seat's");
    let end = attendance::EndDeviceRequest {
        device_id: of_seat.device_id.clone(),
        to: "2027-06-30".into(),
        ..Default::default()
    };
    corrections.end_device(hr.ask(end)).await.expect("ended");
}
