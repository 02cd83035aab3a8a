//! The service behind its stack, on both databases, with peers that tell what a test wants them to.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod claims;
mod closing;
mod contributors;
mod corrections;
mod currencies;
mod devices;
mod everybody;
mod fake_peers;
mod findings;
mod fixture;
mod measures;
mod observations;
mod observed;
mod past;
mod purged;
mod reading;
mod records;
mod refinements;
mod replay;
mod replies;
mod runs;
mod schedules;
mod schemes;
mod shared;
mod transfers;
mod versions;
mod whys;
