//! Identity through its stack and its rpcs, in process, on both databases.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod access;
mod accounts;
mod catalogue;
mod checks;
mod delegations;
mod employments;
mod fields;
mod fixture;
mod forgotten;
mod four_eyes;
mod history;
mod invitations;
mod keys;
mod lifecycle;
mod logins;
mod org;
mod people;
mod privacy;
mod rates;
mod reporting;
mod roles;
mod session;
mod sessions;
mod sso;
