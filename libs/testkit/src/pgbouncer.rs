//! A private PgBouncer before the test's PostgreSQL: transaction pooling, on a unix socket of its own, gone with the test.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::patience::NEVER;

/// Debian's `nobody`, which a pooler started by root becomes.
const NOBODY: u32 = 65_534;

/// Ends the pooler when its standard input closes: that is when the test process is gone, however it went. Ends itself
/// when the pooler ends.
const KEEPER: &str = r#"exec 3<&0
"$0" -q "$1" 3<&- &
pooler=$!
(cat <&3; kill -9 "$pooler") >/dev/null 2>&1 &
watcher=$!
wait "$pooler"
kill "$watcher""#;

/// A running pooler.
#[derive(Debug)]
pub struct PgBouncer {
    keeper: Child,
    home: TempDir,
}

impl PgBouncer {
    /// A pooler that lets `role` in and keeps `connections` connections to the server behind this URL for each database.
    /// `server_reset_query_always` is on, as `docs/operations.md` asks.
    ///
    /// # Panics
    /// When there is no `pgbouncer`, with what to install; when it does not start.
    pub fn before(url: &str, role: &str, connections: u32) -> Self {
        let (_, socket) = url.split_once("?host=").expect("the URL of a private server");
        let home = TempDir::new().expect("a temporary folder");
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).expect("a folder of everybody's");
        let folder = home.path().display();
        let settings = format!(
            "[databases]\n* = host={socket}\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = {folder}\nauth_type = trust\n\
             auth_file = {folder}/users\npool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 1000\n\
             server_reset_query_always = 1\nignore_startup_parameters = extra_float_digits\nlogfile = {folder}/log\n"
        );
        fs::write(home.path().join("users"), format!("\"{role}\" \"\"\n")).expect("a list of users");
        let file = home.path().join("pgbouncer.ini");
        fs::write(&file, settings).expect("a settings file");
        let program = std::env::var_os("TALLY_TEST_PGBOUNCER").unwrap_or_else(|| "/usr/sbin/pgbouncer".into());
        assert!(
            Path::new(&program).exists(),
            "no pgbouncer: install it (apt-get install -y pgbouncer) or name one in TALLY_TEST_PGBOUNCER"
        );
        let mut command = Command::new("sh");
        command.arg("-c").arg(KEEPER).arg(program).arg(file).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            command.uid(NOBODY).gid(NOBODY);
        }
        let pooler = Self { keeper: command.spawn().expect("a shell"), home };
        pooler.wait();
        pooler
    }

    fn wait(&self) {
        let started = Instant::now();
        while UnixStream::connect(self.home.path().join(".s.PGSQL.6432")).is_err() {
            let log = fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < NEVER, "pgbouncer did not start: {log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The same database through the pooler, with the setting that a pooler of transactions needs.
    pub fn url(&self, direct: &str) -> String {
        let (server, _) = direct.split_once("?host=").unwrap_or((direct, ""));
        format!("{server}?host={}&port=6432&statement-cache-capacity=0", self.home.path().display())
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // The keeper ends the pooler and then itself; a test that fails here has failed already.
        let _ended = self.keeper.wait();
    }
}
