//! Attendance through its rpcs, in process, on both databases, with an identity that the test writes.

mod imports;
mod lists;
mod occupancy;
mod own;
mod world;
