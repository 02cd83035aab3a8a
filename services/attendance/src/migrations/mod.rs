//! The tables of this service, a file each step. A step that ran is never changed, nor is its name.

mod attendance_0001_sites;
mod attendance_0002_accounts;
mod attendance_0003_shifts;
mod attendance_0004_punches;
mod attendance_0005_handovers;
mod attendance_0006_aliases;
mod attendance_0007_corrections;
mod attendance_0008_devices;
mod attendance_0009_by_whom;

tally_store::migrations![
    attendance_0001_sites,
    attendance_0002_accounts,
    attendance_0003_shifts,
    attendance_0004_punches,
    attendance_0005_handovers,
    attendance_0006_aliases,
    attendance_0007_corrections,
    attendance_0008_devices,
    attendance_0009_by_whom,
];
