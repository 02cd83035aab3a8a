//! A private PostgreSQL for tests: one server for all test processes of this user, a database per test; and one of its own for
//! a test that looks at every byte that a server keeps.
//!
//! The first test starts the server (durability off, unix socket only); the others find it. Every process holds a shared
//! lock while it lives; a small watcher stops the server and removes its files once nobody has held the lock for a while.
//! Run by root, the server runs as the unprivileged user `postgres`, since PostgreSQL refuses root.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Seconds after which an unused server is stopped.
const IDLE_SECONDS: u32 = 30;
const SETTINGS: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c wal_level=minimal \
                        -c max_wal_senders=0 -c max_connections=300 -c listen_addresses= -c autovacuum=off \
                        -c shared_buffers=64MB -c jit=off";

/// What a server of one test writes into its own log: every statement with its values.
const TELLING: &str = "-c log_statement=all -c log_parameter_max_length=-1";

/// A server: that of this user's tests, or one of a test's own.
#[derive(Debug)]
pub struct Server {
    dir: PathBuf,
    /// What the watcher removes: others still use the locks of the shared one.
    removed: PathBuf,
    settings: String,
    bin: PathBuf,
    as_root: bool,
    /// Held while this process lives: tells the watcher that the server is in use.
    _in_use: File,
}

impl Server {
    /// The server; started if it does not run.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start; the text says what to do.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| Self::start("", SETTINGS).unwrap_or_else(|e| panic!("no PostgreSQL for this test: {e}")))
    }

    /// Another one, for a test that looks at all that a server keeps: its log tells every statement. It ends with the
    /// process.
    ///
    /// # Panics
    /// As [`Server::shared`].
    pub fn of_its_own(name: &str) -> &'static Self {
        let (name, settings) = (format!("-{name}-{}", std::process::id()), format!("{SETTINGS} {TELLING}"));
        let server = Self::start(&name, &settings).unwrap_or_else(|e| panic!("no PostgreSQL for this test: {e}"));
        Box::leak(Box::new(server))
    }

    fn start(name: &str, settings: &str) -> io::Result<Self> {
        let uid = fs::metadata("/proc/self")?.uid();
        let dir = std::env::temp_dir().join(format!("tally-testdb-{uid}{name}"));
        fs::create_dir_all(&dir)?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755))?;
        let in_use = lock_file(&dir.join("in-use.lock"))?;
        in_use.lock_shared()?;
        let removed = if name.is_empty() { dir.join("server") } else { dir.clone() };
        let settings = settings.to_owned();
        let server = Self { bin: binaries()?, settings, as_root: uid == 0, _in_use: in_use, dir, removed };
        let starting = server.exclusive("start")?;
        if !server.answers() {
            server.initialise()?;
            server.run_server()?;
            server.watch()?;
        }
        drop(starting);
        Ok(server)
    }

    /// A lock between all test processes, held until the value is dropped.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn exclusive(&self, what: &str) -> io::Result<File> {
        let file = lock_file(&self.dir.join(format!("{what}.lock")))?;
        file.lock()?;
        Ok(file)
    }

    /// The URL of a database for `role`.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@localhost/{database}?host={}", self.socket_dir().display())
    }

    /// Runs one statement as the owner, in the database `postgres`.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn sql(&self, statement: &str) -> io::Result<String> {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-h"]);
        run(psql.arg(self.socket_dir()).args(["-c", statement]))
    }

    fn data(&self) -> PathBuf {
        self.dir.join("server/data")
    }

    fn socket_dir(&self) -> PathBuf {
        self.dir.join("server")
    }

    fn answers(&self) -> bool {
        UnixStream::connect(self.socket_dir().join(".s.PGSQL.5432")).is_ok()
    }

    fn initialise(&self) -> io::Result<()> {
        let home = self.socket_dir();
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        fs::create_dir_all(&home)?;
        if self.as_root {
            run(Command::new("chown").arg("postgres:postgres").arg(&home))?;
        }
        let mut initdb = self.unprivileged("initdb");
        // Segments of one megabyte: a log as long as what was written.
        let how = ["-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--wal-segsize=1", "-D"];
        run(initdb.args(how).arg(self.data()))?;
        Ok(())
    }

    fn run_server(&self) -> io::Result<()> {
        let mut start = self.unprivileged("pg_ctl");
        start.args(["start", "-w", "-s", "-D"]).arg(self.data()).arg("-l").arg(self.socket_dir().join("log"));
        start.arg("-o").arg(format!("{} -c unix_socket_directories={}", self.settings, self.socket_dir().display()));
        // The server lives on: it must not hold this process's output open.
        let status =
            start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).status()?;
        if status.success() {
            return Ok(());
        }
        let log = fs::read_to_string(self.socket_dir().join("log")).unwrap_or_default();
        Err(io::Error::other(format!("the server did not start: {log}")))
    }

    /// Starts the watcher that stops an unused server.
    fn watch(&self) -> io::Result<()> {
        let stop = self.unprivileged("pg_ctl");
        let mut line: Vec<String> = vec![quoted(Path::new(stop.get_program()))];
        line.extend(stop.get_args().map(|arg| quoted(Path::new(arg))));
        let (lock, data, home) = (quoted(&self.dir.join("in-use.lock")), quoted(&self.data()), quoted(&self.removed));
        let end = format!("{} stop -m immediate -s -D {data}; rm -rf {home}", line.join(" "));
        // A server that is gone by other means needs no watcher.
        let script = format!(
            "while sleep {IDLE_SECONDS}; do [ -d {data} ] || exit 0; \
             flock -n -E 75 -x {lock} sh -c {}; [ $? -eq 75 ] || exit 0; done",
            quoted(Path::new(&end))
        );
        let mut watcher = Command::new("sh");
        watcher.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        watcher.process_group(0).current_dir("/").spawn()?;
        Ok(())
    }

    /// A PostgreSQL program, as a user that it accepts.
    fn unprivileged(&self, program: &str) -> Command {
        let path = self.bin.join(program);
        let mut command = if self.as_root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir("/");
        command
    }
}

/// One database of a test; dropped with the value.
#[derive(Debug)]
pub struct Database {
    server: &'static Server,
    name: String,
}

impl Database {
    /// A copy of the template, or an empty database.
    ///
    /// # Errors
    /// What the server says.
    pub fn create(server: &'static Server, template: Option<&str>) -> io::Result<Self> {
        let name = format!("t{}", unique(server)?);
        let copied = template.map(|t| format!(" TEMPLATE {t} STRATEGY file_copy")).unwrap_or_default();
        server.sql(&format!("CREATE DATABASE {name}{copied}"))?;
        Ok(Self { server, name })
    }

    /// The URL for a role of this database; `{service}` in the role's name is left for the store to replace.
    pub fn url(&self, role: &str) -> String {
        self.server.url(role, &self.name)
    }

    /// The owner's URL: to migrate, and to tamper.
    pub fn owner_url(&self) -> String {
        self.url("postgres")
    }

    /// All that is in it, as `pg_dump` writes it.
    ///
    /// # Errors
    /// What the program says.
    pub fn dump(&self) -> io::Result<String> {
        run(Command::new(self.server.bin.join("pg_dump")).arg(self.owner_url()))
    }

    /// The bytes of all files of its server, after a checkpoint: those of its databases and what else is beside them.
    ///
    /// # Errors
    /// What the server or the file system says.
    pub fn files(&self) -> io::Result<Vec<u8>> {
        self.server.sql("CHECKPOINT")?;
        files_in(&self.server.data(), "pg_wal")
    }

    /// The bytes of its server's write-ahead log.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_ahead_log(&self) -> io::Result<Vec<u8>> {
        files_in(&self.server.data().join("pg_wal"), "")
    }

    /// What its server wrote into its own log.
    ///
    /// # Errors
    /// What the file system says.
    pub fn server_log(&self) -> io::Result<Vec<u8>> {
        fs::read(self.server.socket_dir().join("log"))
    }

    /// Keeps the database as a template with this name, for all test processes.
    ///
    /// # Errors
    /// What the server says.
    pub fn keep_as(self, template: &str) -> io::Result<()> {
        let (server, name) = (self.server, self.name.clone());
        std::mem::forget(self);
        server.sql(&format!("ALTER DATABASE {name} RENAME TO {template}")).map(drop)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let dropped = self.server.sql(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        drop(dropped);
    }
}

/// Whether a template of this name is there.
///
/// # Errors
/// What the server says.
pub fn has_template(server: &Server, name: &str) -> io::Result<bool> {
    Ok(!server.sql(&format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"))?.trim().is_empty())
}

/// The bytes of all files below a folder, but for one folder.
fn files_in(folder: &Path, but: &str) -> io::Result<Vec<u8>> {
    let (mut bytes, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_file() {
                bytes.extend(fs::read(path)?);
            } else if path.is_dir() && path.file_name().is_none_or(|name| name != but) {
                folders.push(path);
            }
        }
    }
    Ok(bytes)
}

/// A short text that is another one for every build of the running test binary, and for other words.
///
/// # Errors
/// When the binary cannot be looked at.
pub fn build_mark(words: &[String]) -> io::Result<String> {
    let exe = std::env::current_exe()?;
    let meta = fs::metadata(&exe)?;
    let mut hasher = DefaultHasher::new();
    (exe, meta.len(), meta.mtime(), meta.mtime_nsec(), words).hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// A number no other test has: counted in a file, under a lock.
fn unique(server: &Server) -> io::Result<u64> {
    let counting = server.exclusive("count")?;
    let path = server.dir.join("count");
    let next = fs::read_to_string(&path).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) + 1;
    fs::write(&path, next.to_string())?;
    drop(counting);
    Ok(next)
}

fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Where PostgreSQL's programs are: beside `pg_config`, or where Debian puts them.
fn binaries() -> io::Result<PathBuf> {
    let mut places: Vec<PathBuf> = Vec::new();
    if let Ok(entries) = fs::read_dir("/usr/lib/postgresql") {
        places.extend(entries.filter_map(|entry| Some(entry.ok()?.path().join("bin"))));
        places.sort();
        places.reverse();
    }
    if let Ok(told) = run(Command::new("pg_config").arg("--bindir")) {
        places.push(PathBuf::from(told.trim()));
    }
    places.extend(["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"].map(PathBuf::from));
    places
        .into_iter()
        .find(|place| ["initdb", "pg_ctl", "psql"].iter().all(|program| place.join(program).exists()))
        .ok_or_else(|| io::Error::other("PostgreSQL's server programs are not installed: apt-get install postgresql"))
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

fn run(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(io::Error::other(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))))
}
