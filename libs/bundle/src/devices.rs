//! devices.csv: at which workstation, browser or seat somebody works.

use tally_kernel::msg;

use super::cell::{self, shown};
use super::cleaned::Need::{Expected, Required};
use super::diagnostics::{Unusable, Wrong};
use super::directory::Directory;
use super::layout::Layout;
use super::model::{DeviceOwner, OwnedDevice};
use super::people::{Diagnostics, each_row, once, optional};
use super::refusals::RowName;
use super::source::Source;

pub(crate) static DEVICES: Layout = Layout {
    file: "devices.csv",
    columns: &[
        ("device", Required),
        ("employee_no", Expected),
        ("seat", Expected),
        ("from", Expected),
        ("to", Expected),
    ],
    extras: false,
};

/// Reads devices.csv.
pub(crate) fn read_devices(
    source: Option<&Source>,
    directory: &Directory<'_>,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<Vec<OwnedDevice>, Unusable> {
    let rows = each_row(source, &DEVICES, false, diagnostics, |row, diagnostic| {
        let device = diagnostic.take("device", cell::id(row.get(0)));
        let owner = match (row.get(1), row.get(2)) {
            (number, "") if !number.is_empty() => {
                diagnostic.take("employee_no", directory.person(number)).map(DeviceOwner::Person)
            }
            ("", seat) if !seat.is_empty() => {
                diagnostic.take("seat", cell::id(seat)).map(|seat| DeviceOwner::Seat(seat.into_owned()))
            }
            (number, _) => {
                let reason = if number.is_empty() { msg!("DEVICE_OF_NOTHING") } else { msg!("DEVICE_OF_BOTH") };
                diagnostic.add("seat", Wrong::new(reason, msg!("DEVICE_OF_BOTH_CURE")));
                None
            }
        };
        let from = diagnostic.take("from", optional(row.get(3), cell::date));
        let to = diagnostic.take("to", cell::end_date(row.get(4)));
        if let (Some(Some(from)), Some(Some(to))) = (from, to)
            && to < from
        {
            diagnostic.add("to", Wrong::new(msg!("PERIOD_BACKWARDS", to, from), msg!("CORRECT_THE_DATES")));
        }
        Some(OwnedDevice { device: device?.into_owned(), owner: owner?, from: from?, to: to? })
    })?;
    let mut rows = diagnostics
        .refusals
        .keep(rows, DEVICES.file, diagnostics.rejects, |row| diagnostics.refusals.of(|| row_name(row, directory)));
    // One of whom two ends are told is neither's; one that is of several is evidence, and judged where it is used.
    rows.sort();
    let mut kept = Vec::with_capacity(rows.len());
    for same in rows.chunk_by(|(a, _), (b, _)| (&a.device, &a.owner, a.from) == (&b.device, &b.owner, b.from)) {
        let differ = same.iter().any(|(row, _)| same.iter().any(|(other, _)| other.to != row.to));
        for (row, line) in same {
            if differ {
                let wrong = Wrong::new(msg!("DEVICE_TWICE", device = shown(&row.device)), msg!("KEEP_THE_RIGHT_ROW"));
                diagnostics.rejects.push(DEVICES.file, *line, "to", wrong);
            } else {
                kept.push((row.clone(), *line));
            }
        }
    }
    Ok(once(kept, DEVICES.file, diagnostics.findings))
}

/// What names a row of devices.csv.
fn row_name(row: &OwnedDevice, directory: &Directory<'_>) -> RowName {
    let (number, seat) = match &row.owner {
        DeviceOwner::Person(person) => (directory.number(*person).to_owned(), String::new()),
        DeviceOwner::Seat(seat) => (String::new(), seat.clone()),
    };
    RowName::Device { device: row.device.clone(), number, seat, from: row.from }
}
