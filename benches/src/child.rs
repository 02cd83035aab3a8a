//! Runs scenarios in child processes of this program.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::machine::{Step, peak_mib};

/// What a child says that closed a month.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Closed {
    /// Records that went in.
    pub records: usize,
    /// Shares that came out: one per record and person.
    pub shares: usize,
    /// Records by rung of the ladder.
    pub rungs: Vec<(String, u64)>,
    /// People with a card.
    pub people: usize,
    /// Digest of every account's credits.
    pub digest: String,
    /// Seconds to read the input.
    pub read: Step,
    /// The steps of each repeat.
    pub runs: Vec<Vec<Step>>,
    /// The most memory held, MiB.
    pub peak_mib: f64,
}

impl Closed {
    /// The quickest repeat: its steps, and its wall and processor seconds.
    pub fn best(&self) -> (&[Step], f64, f64) {
        let sum = |run: &Vec<Step>| run.iter().fold((0.0, 0.0), |(w, c), step| (w + step.wall, c + step.cpu));
        let best = self.runs.iter().map(|run| (run.as_slice(), sum(run))).min_by(|a, b| a.1.0.total_cmp(&b.1.0));
        best.map_or((&[], 0.0, 0.0), |(run, (wall, cpu))| (run, wall, cpu))
    }

    /// Wall seconds of every repeat.
    pub fn walls(&self) -> Vec<f64> {
        self.runs.iter().map(|run| run.iter().map(|step| step.wall).sum()).collect()
    }
}

/// The most memory this process has held, MiB.
pub fn own_peak() -> f64 {
    peak_mib(Path::new("/proc/self")).unwrap_or(0.0)
}

/// Runs this program as a child with these words, and reads what it says.
pub fn run<T: DeserializeOwned>(words: &[&str]) -> Result<T> {
    let program = std::env::current_exe().context("where this program lies")?;
    run_program(Command::new(program).args(words))
}

/// Runs a program that prints one line of JSON, and reads it.
pub fn run_program<T: DeserializeOwned>(command: &mut Command) -> Result<T> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("{command:?} did not start"))?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("{command:?} said something else than was asked"))
}
