//! The tables of this service, a file each step. A step that ran is never changed, nor is its name.

mod compensation_0001_pools;
mod compensation_0002_settlements;

tally_store::migrations![compensation_0001_pools, compensation_0002_settlements,];
