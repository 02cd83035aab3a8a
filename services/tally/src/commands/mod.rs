//! One file per command; each ends with an exit code of `crate::cli`.

pub mod access;
pub mod audit;
pub mod close;
pub mod demo;
pub mod import;
pub mod init;
pub mod invite;
pub mod keys;
pub mod login;
pub mod migrate;
pub mod privacy;
pub mod replay;
pub mod scheme;
pub mod serve;
mod settings;
mod signing_keys;
pub mod tenant;
pub mod user;
mod users;
