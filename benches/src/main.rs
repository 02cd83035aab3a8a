//! Measures how fast the suite is, side by side with others in one run, and writes `report.md` and `report.json`.
//!
//! ```text
//! cargo run --release --manifest-path benches/Cargo.toml -- [--quick] [--only SCENARIO] [--out DIR]
//! ```
//!
//! Every scenario runs in a child process of its own ([`child`]), so that its peak of memory is its own and nothing that
//! ran before has warmed or filled anything. A child prints one line of JSON; [`scenarios`] starts the children, puts what
//! they say beside each other, and [`report`] writes it down. Figures of different runs or machines say little; ratios
//! within one run do.

mod agree;
mod audited;
mod casbin;
mod cedar;
mod chat;
mod checks;
mod child;
mod close;
mod commits;
mod decisions;
mod dice;
mod doors;
mod equal;
mod lists;
mod machine;
mod memory;
mod month;
mod months;
mod pandas;
mod reads;
mod replies;
mod report;
mod scenarios;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// How fast is it, beside what others need for the same?
#[derive(Debug, Parser)]
#[command(name = "report")]
struct Cli {
    /// A tenth of the size, once each: to see that everything runs
    #[arg(long)]
    quick: bool,
    /// This scenario alone
    #[arg(long, value_name = "SCENARIO", value_parser = scenarios::names())]
    only: Option<String>,
    /// Where report.md and report.json go
    #[arg(long, value_name = "DIR", default_value = "bench-report")]
    out: PathBuf,
    #[command(subcommand)]
    child: Option<Child>,
}

/// What a child process does. Not meant to be typed.
#[derive(Clone, Debug, Subcommand)]
#[command(hide = true)]
pub enum Child {
    /// Make a month as a bundle, and beside it the columns that an equal split needs
    Make { records: usize, dir: PathBuf },
    /// Close a bundle's month in memory
    Memory { dir: PathBuf, repeats: usize, threads: usize, work: memory::Work },
    /// Split the month's records equally, from the columns beside the bundle
    Equal { dir: PathBuf, repeats: usize, threads: usize },
    /// Several cycles from one attribution, and corrections of one; on SQLite without a database's URL
    Months { dir: PathBuf, url: Option<String> },
    /// Credit a made-up month of several dialogues at once by the times of its messages
    Replies { chat: replies::Chat, records: usize, repeats: usize, threads: usize },
    /// Units of work on PostgreSQL
    Commits { url: String, seconds: u64 },
    /// Decisions about access, beside Cedar and Casbin
    Decide { batches: usize },
    /// Random questions about access, put to Tally and to Cedar
    Agree { decisions: usize, seed: u64 },
    /// Checks over the network, beside an empty call
    Check { seconds: u64 },
    /// The same rpcs by gRPC and by REST, in turns
    Doors { pairs: usize },
    /// Pages of a long table under scopes
    List { url: String, pages: usize },
    /// Pages with their entries in the audit log, beside pages alone
    Reads { url: String, seconds: u64 },
    /// Units of work with their audit entry, beside the bare change
    Audited { url: String, seconds: u64 },
    /// Numbering audit entries
    Sequence { url: String, entries: u64 },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("report: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let said = match &cli.child {
        None => return scenarios::run(cli.quick, cli.only.as_deref(), &cli.out),
        Some(Child::Make { records, dir }) => equal::make(*records, dir)?,
        Some(Child::Memory { dir, repeats, threads, work }) => memory::from_bundle(dir, *repeats, *threads, *work)?,
        Some(Child::Equal { dir, repeats, threads }) => equal::from_columns(dir, *repeats, *threads)?,
        Some(Child::Replies { chat, records, repeats, threads }) => {
            replies::measure(*chat, *records, *repeats, *threads)?
        }
        Some(Child::Months { dir, url }) => months::measure(dir, url.as_deref())?,
        Some(Child::Commits { url, seconds }) => commits::measure(url, *seconds)?,
        Some(Child::Decide { batches }) => decisions::measure(*batches)?,
        Some(Child::Agree { decisions, seed }) => agree::measure(*decisions, *seed)?,
        Some(Child::Check { seconds }) => checks::measure(*seconds)?,
        Some(Child::Doors { pairs }) => doors::measure(*pairs)?,
        Some(Child::List { url, pages }) => lists::measure(url, *pages)?,
        Some(Child::Reads { url, seconds }) => reads::measure(url, *seconds)?,
        Some(Child::Audited { url, seconds }) => audited::measure(url, *seconds)?,
        Some(Child::Sequence { url, entries }) => audited::sequence(url, *entries)?,
    };
    println!("{said}");
    Ok(())
}
