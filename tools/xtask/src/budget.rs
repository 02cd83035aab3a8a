//! `cargo xtask build-budget`: what a release build from nothing costs, against `tools/build-budget.toml`. CPU seconds, since they say the
//! same on a busy machine and on an idle one, of the host that the budget is of: how much slower this one is show crates
//! that others wrote, whose cost there is known.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

const BUDGET: &str = "tools/build-budget.toml";
/// Percent of the budget that a build may cost: what measuring differs by.
const TOLERATED_PERCENT: u64 = 120;
/// `/proc` counts in ticks, of which Linux shows every program this many a second.
const TICKS_PER_SECOND: u64 = 100;
/// Where this program, as the wrapper of each compiler, writes what it cost.
const COSTS: &str = "TALLY_COMPILER_COSTS";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    /// What a build may cost, in CPU seconds of the host that the budget is of.
    cpu_seconds: u64,
    /// What compiling some crates costs there, by name and version, in ticks.
    reference: BTreeMap<String, u64>,
}

impl Budget {
    fn read(root: &Path) -> Result<Self> {
        toml::from_str(&std::fs::read_to_string(root.join(BUDGET)).context(BUDGET)?).context(BUDGET)
    }

    /// What compiling the same crates took here and takes there. Crates that were updated since are left out.
    ///
    /// # Errors
    /// Where fewer than half of them are left: they are to be measured anew.
    fn hosts(&self, costs: &BTreeMap<String, u64>) -> Result<(u64, u64)> {
        let both = self.reference.iter().filter_map(|(of, there)| Some((*costs.get(of)?, *there)));
        let both: Vec<(u64, u64)> = both.filter(|(here, there)| *here > 0 && *there > 0).collect();
        ensure!(
            !both.is_empty() && both.len() * 2 >= self.reference.len(),
            "{BUDGET}: of the crates under [reference] fewer than half are built in these versions: measure others on one host, beside \
             those that are left"
        );
        Ok(both.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1)))
    }

    fn judge(&self, cost: u64) -> Option<String> {
        let (budget, most) = (self.cpu_seconds, self.cpu_seconds * TOLERATED_PERCENT / 100);
        (cost > most).then(|| {
            format!(
                "the release build costs {cost} CPU seconds, and at most {most} are allowed (the {budget} of {BUDGET} and 20 %): \
                 `cargo build --release --timings` shows what is slow"
            )
        })
    }
}

/// Builds, prints the figures, and says when they are too high.
pub fn complaints(root: &Path) -> Result<Vec<String>> {
    let budget = Budget::read(root)?;
    let folder = tempfile::tempdir_in(target()?)?;
    let written = folder.path().join("costs");
    let before = children()?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--target-dir"]).arg(folder.path()).current_dir(root);
    cargo.env("RUSTC_WRAPPER", std::env::current_exe()?).env(COSTS, &written);
    let status = cargo.status().context("cargo does not start")?;
    if !status.success() {
        bail!("the release build ended with {status}");
    }
    let spent = children()? - before;
    let costs = costs(&std::fs::read_to_string(&written).context("what compiling cost was not written")?)?;
    let (here, there) = budget.hosts(&costs)?;
    let cost = (spent * there).div_ceil(here * TICKS_PER_SECOND);
    println!(
        "release build: {} CPU seconds here, where the crates under [reference] take {} % of what they take on the host of the budget: {cost} there, \
         and the budget is {}",
        spent.div_ceil(TICKS_PER_SECOND),
        100 * here / there,
        budget.cpu_seconds
    );
    println!("{}", dearest(&costs, (here, there)));
    Ok(budget.judge(cost).into_iter().collect())
}

/// Runs a compiler for cargo and writes down what it cost, where [`COSTS`] says so.
///
/// # Errors
/// Where the compiler does not start, or its cost cannot be written.
pub fn compiler() -> Option<Result<ExitCode>> {
    let file = std::env::var_os(COSTS)?;
    Some(compile(&file))
}

fn compile(file: &OsString) -> Result<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let compiler = args.next().context("which compiler?")?;
    let status = Command::new(compiler).args(args).status().context("the compiler does not start")?;
    let [name, version] = ["CARGO_PKG_NAME", "CARGO_PKG_VERSION"].map(|key| std::env::var_os(key).unwrap_or_default());
    let line = format!("{} {}\t{}\n", name.display(), version.display(), children()?);
    // One write: several compilers run at once.
    std::fs::OpenOptions::new().append(true).create(true).open(file)?.write_all(line.as_bytes())?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::from(101) })
}

/// Ticks by crate and version, of all its builds.
fn costs(written: &str) -> Result<BTreeMap<String, u64>> {
    let mut costs = BTreeMap::new();
    for line in written.lines() {
        let (of, ticks) = line.split_once('\t').context("a cost without its crate")?;
        *costs.entry(of.to_owned()).or_default() += ticks.parse::<u64>()?;
    }
    Ok(costs)
}

/// The crates that cost most, in seconds of the host of the budget.
fn dearest(costs: &BTreeMap<String, u64>, (here, there): (u64, u64)) -> String {
    let mut dearest: Vec<(&String, &u64)> = costs.iter().collect();
    dearest.sort_by_key(|(_, ticks)| std::cmp::Reverse(**ticks));
    let told = dearest.into_iter().take(24).map(|(of, ticks)| {
        let tenths = ticks * there * 10 / (here * TICKS_PER_SECOND);
        format!("  {of}: {}.{} s ({ticks} ticks here)", tenths / 10, tenths % 10)
    });
    told.collect::<Vec<_>>().join("\n")
}

/// The folder that this program was built into: big enough, and no other cargo waits for it.
fn target() -> Result<std::path::PathBuf> {
    let here = std::env::current_exe()?;
    here.parent().map(Path::to_owned).context("the folder of this program")
}

/// User and system ticks of all children that have ended, theirs included.
fn children() -> Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("CPU time is measured on Linux only")?;
    of_stat(&stat).with_context(|| format!("/proc/self/stat is not understood: {stat}"))
}

fn of_stat(stat: &str) -> Option<u64> {
    // The name, which may hold anything, ends at the last bracket; the state follows as field 3, cutime is field 16.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(13);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(ticks()? + ticks()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(reference: &[(&str, u64)]) -> Budget {
        let reference = reference.iter().map(|(of, ticks)| ((*of).to_owned(), *ticks)).collect();
        Budget { cpu_seconds: 850, reference }
    }

    #[test]
    fn the_budget_and_a_fifth_are_allowed_and_no_second_more() {
        assert_eq!(budget(&[]).judge(1020), None);
        assert!(budget(&[]).judge(1021).is_some_and(|why| why.contains("at most 1020")));
    }

    #[test]
    fn how_slow_a_host_is_show_crates_in_the_versions_that_were_measured() {
        let costs = costs("h2 0.4.20\t300\ntokio 1.54.1\t100\ntokio 1.54.1\t50\ntally 0.1.0\t900\n").unwrap();
        let half_known = budget(&[("h2 0.4.20", 150), ("tokio 1.54.1", 75), ("tonic 0.14.9", 70)]);
        assert_eq!(half_known.hosts(&costs).unwrap(), (450, 225));
        let others = budget(&[("h2 0.4.20", 150), ("tokio 1.54.0", 75), ("tonic 0.14.9", 70)]);
        assert!(others.hosts(&costs).unwrap_err().to_string().contains("fewer than half"));
        assert!(budget(&[]).hosts(&costs).is_err());
    }

    #[test]
    fn the_budget_of_the_project_is_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let read = Budget::read(&root).unwrap();
        assert!(read.cpu_seconds > 0 && read.reference.values().all(|ticks| *ticks > 0), "{}", read.cpu_seconds);
    }

    #[test]
    fn ticks_of_children_are_read_behind_a_name_with_brackets() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 777 33 20 0 1 0";
        assert_eq!(of_stat(stat), Some(810));
        assert_eq!(of_stat("42 (a) S 1"), None);
    }

    #[test]
    fn a_child_that_worked_is_counted() {
        let before = children().unwrap();
        let spin = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        assert!(Command::new("sh").args(["-c", spin]).status().unwrap().success());
        assert!(children().unwrap() > before);
    }
}
