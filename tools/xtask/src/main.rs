//! The project's own chores: `cargo xtask help` lists them.

mod arrows;
mod budget;
mod circles;
mod code;
mod deps;
mod files;
mod manifests;
mod messages;
mod paths;
mod reasons;
mod tidy;
mod uses;
mod vendored;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "The project's own chores")]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Checks who may name what, that no modules import each other in a circle, the sizes of files and functions, the paths
    /// named in docs, that every rpc is tested, that every message is there in every language, and that the files of others
    /// are as they made them
    Tidy,
    /// Checks that members take lints and dependencies from the workspace
    CheckDeps,
    /// Writes the registry of reasons into docs/errors.md
    Errors,
    /// Renders what Kubernetes and compose run, and checks it against schemas, the program's settings and its calls
    Manifests(manifests::Judges),
    /// Builds the release from nothing and holds its CPU seconds against tools/build-budget.toml; takes minutes
    BuildBudget,
    /// Runs what runs before a change lands
    Ci,
}

fn main() -> ExitCode {
    if let Some(compiled) = budget::compiler() {
        return ended(compiled);
    }
    let root = root();
    let complaints = match Args::parse().chore {
        Chore::Tidy => tidy::complaints(&root),
        Chore::Errors => tidy::sources(&root).and_then(|sources| reasons::write(&root, &sources)),
        Chore::CheckDeps => deps::complaints(&root),
        Chore::Manifests(judges) => manifests::complaints(&root, &judges),
        Chore::BuildBudget => budget::complaints(&root),
        Chore::Ci => return ci(&root),
    };
    match complaints {
        Ok(found) if found.is_empty() => {
            println!("nothing to complain about");
            ExitCode::SUCCESS
        }
        Ok(found) => {
            for line in &found {
                eprintln!("{line}");
            }
            eprintln!("{} complaints", found.len());
            ExitCode::FAILURE
        }
        Err(error) => ended(Err(error)),
    }
}

fn ended(ended: anyhow::Result<ExitCode>) -> ExitCode {
    ended.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").components().collect()
}

fn ci(root: &Path) -> ExitCode {
    match Command::new("bash").arg(".ci/run").current_dir(root).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!(".ci/run did not start: {error}");
            ExitCode::FAILURE
        }
    }
}
