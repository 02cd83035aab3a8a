//! devices.csv goes into the suite.

use std::collections::BTreeMap;

use anyhow::Result;
use tally_api::attendance::v1 as attendance;
use tally_bundle::{AccountIx, Bundle, DeviceOwner, OwnedDevice, RowName};

use crate::caller::Caller;
use crate::said::told;
use crate::{CHUNK, Ids, Taken, number};

/// Writes whose devices are. That of a seat belongs where the account does that the seat is first rostered on, and else to the group.
pub(super) async fn devices(caller: &Caller, bundle: &Bundle, ids: &Ids, taken: &mut Taken) -> Result<()> {
    let mut client = attendance::device_service_client::DeviceServiceClient::new(caller.at.attendance.clone());
    let person = |row: &OwnedDevice| match row.owner {
        DeviceOwner::Person(person) => Some(person),
        DeviceOwner::Seat(_) => None,
    };
    let rows =
        taken.placed("devices.csv", &bundle.owned, (bundle, ids), |row| (person(row), None), |row| name(bundle, row));
    let mut seats: BTreeMap<&str, AccountIx> = BTreeMap::new();
    for roster in &bundle.rosters {
        if let Some(seat) = &roster.seat {
            seats.entry(seat).or_insert(roster.account);
        }
    }
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| {
            let seat = if let DeviceOwner::Seat(seat) = &row.owner { seat.as_str() } else { "" };
            let (unit_id, region) = seats.get(seat).map(|at| ids.places[at.0 as usize].clone()).unwrap_or_default();
            attendance::Device {
                device: row.device.clone(),
                person_id: person(row).map(|person| ids.people[person.0 as usize].clone()).unwrap_or_default(),
                seat: seat.to_owned(),
                from: row.from.map(|d| d.to_string()).unwrap_or_default(),
                to: row.to.map(|d| d.to_string()).unwrap_or_default(),
                region: if unit_id.is_empty() { region } else { String::new() },
                unit_id,
                ..Default::default()
            }
        });
        let ask = attendance::ImportDevicesRequest { request_id: taken.request_id(), rows: rows.collect() };
        let reply = client.import_devices(caller.ask(ask)).await.map_err(told)?.into_inner();
        let row = |at: usize| RowName::Device {
            device: chunk[at].device.clone(),
            number: person(chunk[at]).map(|person| number(bundle, person)).unwrap_or_default(),
            seat: if let DeviceOwner::Seat(seat) = &chunk[at].owner { seat.clone() } else { String::new() },
            from: chunk[at].from,
        };
        taken.note("devices.csv", reply.result, row, |at| name(bundle, chunk[at]));
    }
    Ok(())
}

/// A row, as refused.csv names it.
fn name(bundle: &Bundle, row: &OwnedDevice) -> String {
    match &row.owner {
        DeviceOwner::Person(person) => format!("{} {}", row.device, number(bundle, *person)),
        DeviceOwner::Seat(seat) => format!("{} {seat}", row.device),
    }
}
