//! `tally close` as a user types it: files in, the suite with all its rpcs and a database, files out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::machine::attend;

/// What a run said and took.
#[derive(Debug)]
pub struct Ran {
    /// Seconds on the clock, from start to end of the process.
    pub wall: f64,
    /// Seconds of all cores, of this process alone: PostgreSQL's are its own.
    pub cpu: f64,
    /// The most memory it held, MiB.
    pub peak_mib: f64,
    /// Its steps and their seconds.
    pub steps: Vec<(String, f64)>,
    /// The digest of the result.
    pub digest: String,
    /// Records that it worked on.
    pub records: u64,
}

/// Builds the product and gives the path of the program.
pub fn program() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("benches lies in the repository")?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "-p", "tally", "--message-format=json-render-diagnostics"]).current_dir(root);
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the product does not build");
    let said = String::from_utf8_lossy(&output.stdout);
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs =
        messages.filter(|m| m["target"]["name"] == "tally").filter_map(|m| Some(m["executable"].as_str()?.into()));
    programs.next_back().context("cargo names no program")
}

/// Closes a bundle; on SQLite without a database's URL.
pub fn run(tally: &Path, bundle: &Path, out: &Path, database: Option<&str>) -> Result<Ran> {
    let mut command = Command::new(tally);
    command.arg("close").arg(bundle).arg("--out").arg(out).arg("--json");
    if let Some(url) = database {
        command.args(["--database", url]);
    }
    let log = fs::File::create(out.with_extension("log"))?;
    let begin = Instant::now();
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
    let (status, peak_mib, cpu) = attend(&mut process)?;
    let wall = begin.elapsed().as_secs_f64();
    let told = || fs::read_to_string(out.with_extension("log")).unwrap_or_default();
    // 3 says that rows were rejected, which a sample may hold; the rest was done.
    ensure!(matches!(status.code(), Some(0 | 3)), "tally close ended with {status}: {}", told());
    let read = |name: &str| -> Result<Value> { Ok(serde_json::from_str(&fs::read_to_string(out.join(name))?)?) };
    let (timings, summary) = (read("timings.json")?, read("summary.json")?);
    Ok(Ran {
        wall,
        cpu,
        peak_mib,
        steps: serde_json::from_value(timings["steps"].clone())?,
        digest: summary["digest"].as_str().unwrap_or_default().to_owned(),
        records: summary["records"].as_u64().unwrap_or_default(),
    })
}
