//! The tables of this service, a file each step. A step that ran is never changed, nor is its name.

mod compensation_0001_pools;
mod compensation_0002_settlements;
mod compensation_0003_one_posting;
mod compensation_0004_owners;
mod compensation_0005_corrections;
mod compensation_0006_days;
mod compensation_0007_when;

tally_store::migrations![
    compensation_0001_pools,
    compensation_0002_settlements,
    compensation_0003_one_posting,
    compensation_0004_owners,
    compensation_0005_corrections,
    compensation_0006_days,
    compensation_0007_when,
];
