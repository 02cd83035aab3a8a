//! A private PostgreSQL with its durability on, unlike that of the tests: what is measured here is commits.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Everything else is PostgreSQL's own default: fsync, full page writes and autovacuum are on.
const SETTINGS: &str =
    "-c listen_addresses= -c max_connections=200 -c shared_buffers=512MB -c max_wal_size=4GB -c jit=off";

/// A server; stopped, and its files removed, with the value.
#[derive(Debug)]
pub struct Server {
    home: tempfile::TempDir,
    bin: PathBuf,
    as_root: bool,
}

impl Server {
    /// Starts one.
    pub fn start() -> Result<Self> {
        let as_root = fs::metadata("/proc/self")?.uid() == 0;
        let server = Self { home: tempfile::tempdir()?, bin: programs()?, as_root };
        fs::set_permissions(server.dir(), fs::Permissions::from_mode(0o755))?;
        if as_root {
            run(Command::new("chown").arg("postgres:postgres").arg(server.dir()))?;
        }
        run(server
            .unprivileged("initdb")
            .args(["-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"])
            .arg(server.data()))?;
        let mut start = server.unprivileged("pg_ctl");
        start.args(["start", "-w", "-s", "-D"]).arg(server.data()).arg("-l").arg(server.dir().join("log"));
        start.arg("-o").arg(format!("{SETTINGS} -c unix_socket_directories={}", server.dir().display()));
        let started = start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        ensure!(started.success(), "{}", fs::read_to_string(server.dir().join("log")).unwrap_or_default());
        Ok(server)
    }

    /// A new database: its owner's URL.
    pub fn create(&self, database: &str) -> Result<String> {
        self.sql("postgres", &format!("CREATE DATABASE {database}"))?;
        Ok(self.url("postgres", database))
    }

    /// The URL for a role.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@localhost/{database}?host={}", self.dir().display())
    }

    /// Runs statements as the owner.
    pub fn sql(&self, database: &str, statements: &str) -> Result<()> {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", statements, "-h"]);
        run(psql.arg(self.dir())).map(drop)
    }

    /// Transactions per second of a pgbench script with prepared statements.
    pub fn pgbench(&self, database: &str, script: &Path, clients: usize, seconds: u64) -> Result<f64> {
        let mut pgbench = Command::new(self.bin.join("pgbench"));
        pgbench.args(["-n", "-M", "prepared", "-j", "2", "-U", "postgres", "-h"]).arg(self.dir());
        pgbench.args(["-c", &clients.to_string(), "-T", &seconds.to_string(), "-f"]).arg(script).arg(database);
        let said = run(&mut pgbench)?;
        let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")).context("pgbench tells no tps")?;
        Ok(tps.split(' ').next().unwrap_or_default().parse()?)
    }

    /// The plans that the server wrote down last of queries with this text, where auto_explain is on. Values of a plan are
    /// left out where they are many.
    pub fn last_plans(&self, query: &str, count: usize) -> Result<Vec<String>> {
        let log = fs::read_to_string(self.dir().join("log"))?;
        let entries = log.split("LOG:  duration:").skip(1).filter(|entry| entry.contains(query));
        let plan = |entry: &str| {
            let lines = entry.lines().skip(2).take_while(|line| line.starts_with('\t'));
            let short = |line: &str| match line.char_indices().nth(160) {
                Some((at, _)) => format!("{}...", &line[..at]),
                None => line.to_owned(),
            };
            lines.map(|line| short(line.trim_start_matches('\t'))).collect::<Vec<_>>().join("\n")
        };
        let plans: Vec<String> = entries.map(plan).collect();
        ensure!(plans.len() >= count, "the server wrote down {} plans, not {count}", plans.len());
        Ok(plans[plans.len() - count..].to_vec())
    }

    /// The version of the server's programs.
    pub fn version(&self) -> Result<String> {
        Ok(run(Command::new(self.bin.join("pg_ctl")).arg("--version"))?.trim().to_owned())
    }

    fn dir(&self) -> &Path {
        self.home.path()
    }

    fn data(&self) -> PathBuf {
        self.dir().join("data")
    }

    /// A program of PostgreSQL as a user that it accepts: it refuses root.
    fn unprivileged(&self, program: &str) -> Command {
        let path = self.bin.join(program);
        let mut command = Command::new(if self.as_root { Path::new("setpriv") } else { path.as_path() });
        if self.as_root {
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(path);
        }
        command.current_dir("/");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stopped = run(self.unprivileged("pg_ctl").args(["stop", "-m", "immediate", "-s", "-D"]).arg(self.data()));
        drop(stopped);
    }
}

/// Where PostgreSQL's programs are: the newest that Debian has put somewhere, else beside `pg_config`.
fn programs() -> Result<PathBuf> {
    let mut places: Vec<PathBuf> = Vec::new();
    if let Ok(entries) = fs::read_dir("/usr/lib/postgresql") {
        places.extend(entries.filter_map(|entry| Some(entry.ok()?.path().join("bin"))));
    }
    places.sort();
    places.reverse();
    if let Ok(told) = run(Command::new("pg_config").arg("--bindir")) {
        places.push(PathBuf::from(told.trim()));
    }
    let whole =
        |place: &PathBuf| ["initdb", "pg_ctl", "psql", "pgbench"].iter().all(|program| place.join(program).exists());
    places.into_iter().find(whole).context("PostgreSQL's programs are not installed: apt-get install postgresql")
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
