//! Attendance through its rpcs, in process, on both databases, with an identity that the test writes.

mod fixture;
mod imports;
mod lists;
mod occupancy;
mod own;
