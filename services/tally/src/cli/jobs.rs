//! What is typed for the main job, on files and into a suite.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;

use super::{Language, Server};

#[derive(Debug, Args)]
pub struct Demo {
    /// Stop after the summary instead of serving the group
    #[arg(long)]
    pub once: bool,
    /// Print the summary as JSON and nothing else
    #[arg(long)]
    pub json: bool,
    /// Another seed makes another group
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// About how many service records the month has
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    pub records: u64,
    /// Language of names and sentences; that of the environment (LANG) by default
    #[arg(long, value_enum, default_value_t = Language::of_system())]
    pub lang: Language,
    /// Write the sample bundle here, to copy from
    #[arg(long, value_name = "DIR")]
    pub bundle: Option<PathBuf>,
    /// Where to serve afterwards
    #[arg(long, default_value = "127.0.0.1:7070")]
    pub listen: std::net::SocketAddr,
}

#[derive(Debug, Args)]
pub struct Input {
    /// Folder with people.csv, accounts.csv, records.csv and what else there is
    pub bundle: PathBuf,
    /// First local date
    #[arg(long, value_name = "DATE")]
    pub from: Option<Date>,
    /// Last local date
    #[arg(long, value_name = "DATE")]
    pub to: Option<Date>,
    /// Language of sentences; that of the environment (LANG) by default
    #[arg(long, value_enum, default_value_t = Language::of_system())]
    pub lang: Language,
    /// CSV files for programs: without the byte order mark, and without the apostrophe before cells that begin like a formula,
    /// which spreadsheets need
    #[arg(long)]
    pub plain_csv: bool,
}

#[derive(Debug, Args)]
pub struct Close {
    #[command(flatten)]
    pub input: Input,
    /// Result folder; must not exist or be empty
    #[arg(long, value_name = "DIR", default_value = "tally-result")]
    pub out: PathBuf,
    /// Print the summary as JSON and nothing else
    #[arg(long)]
    pub json: bool,
    /// Explain one record (external id) or one person (employee number) afterwards
    #[arg(long, value_name = "RECORD|PERSON")]
    pub explain: Option<String>,
    /// PostgreSQL instead of SQLite in a temporary folder: the owner's URL of an empty database
    #[arg(long, value_name = "URL", env = "CLOSE_DATABASE_URL", hide_env_values = true)]
    pub database: Option<String>,
}

#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    pub input: Input,
    /// Where report.json, rejected.csv and refused.csv go
    #[arg(long, value_name = "DIR", default_value = "tally-import")]
    pub out: PathBuf,
    /// Print the report as JSON and nothing else
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// A result folder
    pub dir: PathBuf,
    /// Print the verdict as JSON and nothing else
    #[arg(long)]
    pub json: bool,
}
