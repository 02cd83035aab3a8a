//! A private Redis: loopback only, nothing written to disk, gone with the test, also when the test is killed.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::free_port;

/// Debian's `nobody`, which a server started by root becomes.
const NOBODY: u32 = 65_534;

/// Ends the server when its standard input closes: that is when the test process is gone, however it went. Ends itself
/// when the server ends.
const KEEPER: &str = r#"exec 3<&0
"$0" --port "$1" --bind 127.0.0.1 --save "" --appendonly no --dir /tmp --daemonize no 3<&- &
server=$!
(cat <&3; kill "$server") >/dev/null 2>&1 &
watcher=$!
wait "$server"
kill "$watcher""#;

/// A running server.
#[derive(Debug)]
pub struct Redis {
    keeper: Child,
    port: u16,
}

impl Redis {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// When there is no `redis-server`, with what to install.
    pub fn start() -> Self {
        let program = std::env::var_os("TALLY_TEST_REDIS").unwrap_or_else(|| "redis-server".into());
        Self::start_at(&program, free_port())
    }

    fn start_at(program: &OsStr, port: u16) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(KEEPER).arg(program).arg(port.to_string()).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut keeper = command.spawn().expect("a shell");
        let mut lines = BufReader::new(keeper.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let mut said = String::new();
        let ready = lines.any(|line| {
            said.extend([&line, "\n"]);
            line.contains("Ready to accept connections")
        });
        if !ready {
            let (mut errors, stdin) = (keeper.stderr.take().expect("its errors"), keeper.stdin.take());
            drop(stdin);
            let mut why = String::new();
            errors.read_to_string(&mut why).expect("text");
            panic!("no redis-server (apt-get install -y redis-server, or name one in TALLY_TEST_REDIS): {said}{why}");
        }
        Self { keeper, port }
    }

    /// All that the server holds, as one uncompressed snapshot.
    ///
    /// # Panics
    /// When there is no `redis-cli`, or it fails.
    pub fn snapshot(&self) -> Vec<u8> {
        let into = std::env::temp_dir().join(format!("tally-redis-{}-{}.rdb", std::process::id(), self.port));
        let cli = |args: &[&str]| {
            let mut cli = Command::new("redis-cli");
            let output = cli.args(["-p", &self.port.to_string()]).args(args).output().expect("redis-cli");
            assert!(output.status.success(), "redis-cli: {}", String::from_utf8_lossy(&output.stderr));
        };
        cli(&["CONFIG", "SET", "rdbcompression", "no"]);
        cli(&["--rdb", &into.display().to_string()]);
        let bytes = std::fs::read(&into).expect("a snapshot");
        std::fs::remove_file(&into).expect("a snapshot that can be removed");
        bytes
    }

    /// `redis://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// `127.0.0.1:PORT`, for a proxy before it.
    pub fn address(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // The keeper ends the server and then itself; a test that fails here has failed already.
        let _ended = self.keeper.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "apt-get install -y redis-server")]
    fn a_missing_server_is_told_with_what_to_install() {
        Redis::start_at(OsStr::new("/no/such/redis-server"), 1);
    }

    #[test]
    #[should_panic(expected = "Address already in use")]
    fn a_taken_port_is_not_taken_for_a_server() {
        let first = Redis::start();
        Redis::start_at(OsStr::new("redis-server"), first.port);
    }

    #[test]
    fn a_server_ends_with_its_owner() {
        let server = Redis::start();
        let address = server.address();
        assert!(std::net::TcpStream::connect(address).is_ok());
        drop(server);
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
