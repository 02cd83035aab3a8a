//! The same equal split by pandas, in two ways: a virtual environment is made once, then `pandas_equal.py` runs in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::child;

/// What the script says.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pandas {
    /// Versions of Python, pandas and numpy.
    pub versions: String,
    /// Seconds to read the columns.
    pub read: f64,
    /// Seconds of every repeat, in the words of pandas.
    pub frames: Vec<f64>,
    /// Seconds of every repeat, with the expensive part done on numpy's arrays by hand.
    pub arrays: Vec<f64>,
    /// Shares that came out: one per record and person.
    pub shares: usize,
    /// The most memory held, MiB.
    pub peak_mib: f64,
}

/// How far two sets of totals are apart.
#[derive(Debug, Serialize)]
pub struct Apart {
    /// People with a total.
    pub people: usize,
    /// The largest difference of a total, in records.
    pub most: f64,
    /// Whether it is what rounding shares to millionths can make: half a millionth for each record credited in part.
    pub agree: bool,
}

/// Runs the script on the columns in `dir`.
pub fn run(dir: &Path, repeats: usize) -> Result<Pandas> {
    let python = environment()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("pandas_equal.py");
    child::run_program(Command::new(python).arg(script).arg(dir).arg(repeats.to_string()))
}

/// The interpreter of an environment with what `requirements.txt` names.
fn environment() -> Result<PathBuf> {
    let wanted = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.txt");
    let mark = blake3::hash(fs::read_to_string(&wanted)?.as_bytes()).to_hex();
    let home = std::env::temp_dir().join(format!("tally-benches-python-{}", &mark[..12]));
    let python = home.join("bin/python");
    if !home.join("ready").exists() {
        let done = |command: &mut Command| -> Result<()> {
            let output = command.output().with_context(|| format!("{command:?}"))?;
            ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
            Ok(())
        };
        done(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
        done(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&wanted))?;
        fs::write(home.join("ready"), "")?;
    }
    Ok(python)
}

/// Compares everybody's totals.
pub fn compare(dir: &Path, records: usize) -> Result<Apart> {
    let read = |name: &str| -> Result<BTreeMap<String, f64>> {
        Ok(serde_json::from_str(&fs::read_to_string(dir.join(name))?)?)
    };
    let (ours, theirs) = (read("equal_tally.json")?, read("equal_frames.json")?);
    let total = |of: &BTreeMap<String, f64>, person: &String| of.get(person).copied().unwrap_or(0.0);
    let everybody = ours.keys().chain(theirs.keys());
    let most = everybody.map(|person| (total(&ours, person) - total(&theirs, person)).abs()).fold(0.0, f64::max);
    Ok(Apart { people: ours.len(), most, agree: ours.len() == theirs.len() && most <= records as f64 * 0.5e-6 })
}
