//! What is typed for the main job, on files and into a suite.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;

use super::Server;

#[derive(Debug, Args)]
pub struct Demo {
    #[arg(long)]
    pub once: bool,
    #[arg(long)]
    pub json: bool,
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    pub records: u64,
    #[arg(long, value_name = "DIR")]
    pub bundle: Option<PathBuf>,
    #[arg(long, default_value = "127.0.0.1:7070")]
    pub listen: std::net::SocketAddr,
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub http: std::net::SocketAddr,
}

#[derive(Debug, Args)]
pub struct Input {
    pub bundle: PathBuf,
    #[arg(long, value_name = "DATE")]
    pub from: Option<Date>,
    #[arg(long, value_name = "DATE")]
    pub to: Option<Date>,
    #[arg(long)]
    pub plain_csv: bool,
}

#[derive(Debug, Args)]
pub struct Close {
    #[command(flatten)]
    pub input: Input,
    #[arg(long, value_name = "DIR", default_value = "tally-result")]
    pub out: PathBuf,
    #[arg(long)]
    pub json: bool,
    #[arg(long, value_name = "RECORD|PERSON")]
    pub explain: Option<String>,
    #[arg(long, value_name = "URL", env = "CLOSE_DATABASE_URL", hide_env_values = true)]
    pub database: Option<String>,
}

#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    pub input: Input,
    #[arg(long, value_name = "DIR", default_value = "tally-import")]
    pub out: PathBuf,
    #[arg(long)]
    pub accept_damaged: bool,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct Replay {
    pub dir: PathBuf,
    #[arg(long)]
    pub json: bool,
}
