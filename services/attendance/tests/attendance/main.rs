//! Attendance through its rpcs, in process, on both databases, with an identity that the test writes.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod changes;
mod corrections;
mod devices;
mod fixture;
mod imports;
mod lists;
mod occupancy;
mod own;
