//! The suite in one binary: the services put together, the main job on files, the demo, and the command line.
//!
//! The modules from below to above: each stands on those before it alone (`cargo xtask tidy` holds this).
//!
//! - modules: print, language, progress, sample, cli, said, suite, session, store_lock, connection, close,
//!   show, help, unfinished, commands, entry

#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod cli;
pub mod close;
pub mod commands;
pub mod connection;
pub mod entry;
pub mod help;
pub mod language;
pub mod print;
pub mod progress;
pub mod said;
pub mod sample;
pub mod session;
pub mod show;
mod store_lock;
pub mod suite;
mod unfinished;
