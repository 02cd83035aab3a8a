//! `cargo xtask build-budget`: what a release build from nothing costs, against `tools/build-budget.toml`. CPU seconds, since
//! they say the same on a busy machine and on an idle one.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use toml::Table;

const BUDGET: &str = "tools/build-budget.toml";
/// Percent of the budget that a build may cost: what machines differ by.
const TOLERATED_PERCENT: u64 = 120;
/// `/proc` counts in ticks, of which Linux shows every program this many a second.
const TICKS_PER_SECOND: u64 = 100;

/// Builds, prints the figure, and says when it is too high.
pub fn complaints(root: &Path) -> Result<Vec<String>> {
    let table: Table = std::fs::read_to_string(root.join(BUDGET)).context(BUDGET)?.parse().context(BUDGET)?;
    let budget = table.get("cpu_seconds").and_then(toml::Value::as_integer).and_then(|n| u64::try_from(n).ok());
    let budget = budget.with_context(|| format!("{BUDGET}: cpu_seconds must be a number of seconds"))?;
    let folder = tempfile::tempdir_in(target()?)?;
    let before = children()?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--target-dir"]).arg(folder.path()).current_dir(root);
    let status = cargo.status().context("cargo does not start")?;
    if !status.success() {
        bail!("the release build ended with {status}");
    }
    let after = children()?;
    let (user, system) = (after.0 - before.0, after.1 - before.1);
    let cost = (user + system).div_ceil(TICKS_PER_SECOND);
    println!(
        "release build: {cost} CPU seconds (user {}, system {}), the budget is {budget}",
        user / TICKS_PER_SECOND,
        system / TICKS_PER_SECOND
    );
    Ok(judge(cost, budget).into_iter().collect())
}

fn judge(cost: u64, budget: u64) -> Option<String> {
    let most = budget * TOLERATED_PERCENT / 100;
    (cost > most).then(|| {
        format!(
            "the release build costs {cost} CPU seconds, and at most {most} are allowed (the {budget} of {BUDGET} and 20 %): \
             `cargo build --release --timings` shows what is slow"
        )
    })
}

/// The folder that this program was built into: big enough, and no other cargo waits for it.
fn target() -> Result<std::path::PathBuf> {
    let here = std::env::current_exe()?;
    here.parent().map(Path::to_owned).context("the folder of this program")
}

/// User and system ticks of all children that have ended, theirs included.
fn children() -> Result<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("CPU time is measured on Linux only")?;
    of_stat(&stat).with_context(|| format!("/proc/self/stat is not understood: {stat}"))
}

fn of_stat(stat: &str) -> Option<(u64, u64)> {
    // The name, which may hold anything, ends at the last bracket; the state follows as field 3, cutime is field 16.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(13);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_and_a_fifth_are_allowed_and_no_second_more() {
        assert_eq!(judge(1020, 850), None);
        assert!(judge(1021, 850).is_some_and(|why| why.contains("at most 1020")));
    }

    #[test]
    fn ticks_of_children_are_read_behind_a_name_with_brackets() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 777 33 20 0 1 0";
        assert_eq!(of_stat(stat), Some((777, 33)));
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
