//! The tables of this service, a file each step. A step that ran is never changed, nor is its name.

mod talent_0001_evidence;
mod talent_0002_period;
mod talent_0003_scheme;

tally_store::migrations![talent_0001_evidence, talent_0002_period, talent_0003_scheme];
