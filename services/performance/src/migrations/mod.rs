//! The tables of this service, a file each step. Rows of a run (one attempt at closing a cycle) are keyed by the run, so that
//! what a cancelled or failed attempt left behind is never seen and can be thrown away at leisure.

mod performance_0001_records;
mod performance_0002_schemes;
mod performance_0003_cycles;
mod performance_0004_results;
mod performance_0005_transfers;
mod performance_0006_owned_schemes;
mod performance_0007_record_versions;
mod performance_0008_attribution_runs;
mod performance_0009_contents;
mod performance_0010_observations;
mod performance_0011_corrections;
mod performance_0012_measures;
mod performance_0013_money;
mod performance_0014_schedules;
mod performance_0015_fixes;
mod performance_0016_contributors;
mod performance_0017_counts;
mod performance_0018_days;
mod performance_0019_own_days;
mod performance_0020_rungs;
mod performance_0021_replies;
mod performance_0022_claims;
mod performance_0023_record_device;
mod performance_0024_whys;

tally_store::migrations![
    performance_0001_records,
    performance_0002_schemes,
    performance_0003_cycles,
    performance_0004_results,
    performance_0005_transfers,
    performance_0006_owned_schemes,
    performance_0007_record_versions,
    performance_0008_attribution_runs,
    performance_0009_contents,
    performance_0010_observations,
    performance_0011_corrections,
    performance_0012_measures,
    performance_0013_money,
    performance_0014_schedules,
    performance_0015_fixes,
    performance_0016_contributors,
    performance_0017_counts,
    performance_0018_days,
    performance_0019_own_days,
    performance_0020_rungs,
    performance_0021_replies,
    performance_0022_claims,
    performance_0023_record_device,
    performance_0024_whys,
];
