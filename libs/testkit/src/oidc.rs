//! A real OpenID provider and a browser without a window: programs of node, installed once for all tests with the exact
//! versions of `oidc/package.json`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Where the provider sends people back to. Nobody listens there: the browser stops before it.
pub const REDIRECT: &str = "http://127.0.0.1:9/callback";

/// The secret of its client `tally`.
pub const SECRET: &str = "a secret of the tests";

const FILES: [&str; 3] = ["package.json", "provider.mjs", "browser.mjs"];
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oidc");

/// A running provider; it ends with the test. Everybody is NAME@aurora.example there; `mallory`'s address is not verified.
/// Its clients are `tally`, with [`SECRET`], and `public`, without one.
#[derive(Debug)]
pub struct Provider {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Who it says it is.
    pub issuer: String,
}

impl Provider {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When there is no node, with what to install.
    pub fn start() -> Self {
        let mut command = Command::new("node");
        command.arg(installed().join("provider.mjs")).args([REDIRECT, SECRET]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("node: install nodejs and npm");
        let (commands, answers) =
            (process.stdin.take().expect("its input"), process.stdout.take().expect("its output"));
        let mut provider = Self { process, commands, answers: BufReader::new(answers), issuer: String::new() };
        provider.issuer = provider.answer().strip_prefix("issuer ").expect("its issuer").to_owned();
        provider
    }

    /// Takes another key to sign with.
    ///
    /// # Panics
    /// When it is not there any more.
    pub fn rotate(&mut self) {
        self.commands.write_all(b"rotate\n").expect("a provider that listens");
        assert_eq!(self.answer(), "done rotate");
    }

    /// Ends it, as a machine fails.
    ///
    /// # Panics
    /// When it cannot be ended.
    pub fn fail(&mut self) {
        self.process.kill().expect("an end");
        self.process.wait().expect("an end");
    }

    /// The next line that is for us; the library has its own to say on the same stream.
    fn answer(&mut self) -> String {
        let mut lines = self.answers.by_ref().lines().map_while(Result::ok);
        let ours = lines.find(|line| line.starts_with("issuer ") || line.starts_with("done "));
        ours.expect("an answer of the provider")
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.fail();
    }
}

/// Opens an address, signs in there as `login`, and gives the code and the state that came back.
///
/// # Panics
/// When nothing came back, with what the provider said.
pub fn browse(url: &str, login: &str) -> (String, String) {
    let browser = installed().join("browser.mjs");
    let output = Command::new("node").arg(browser).args([url, login, REDIRECT]).output().expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let back = String::from_utf8(output.stdout).expect("UTF-8");
    let query = back.trim().split_once('?').expect("a query").1.to_owned();
    let part = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("no {name} in {back}")).to_owned()
    };
    (part("code"), part("state"))
}

/// The folder with the programs and what they need. Whoever comes first installs it beside its place and moves it there
/// in one step; tests that come at the same moment do the same, and one of them wins.
fn installed() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    for file in FILES {
        std::fs::read(Path::new(SOURCES).join(file)).expect("a file of ours").hash(&mut hasher);
    }
    let place = std::env::temp_dir().join(format!("tally-oidc-{:016x}", hasher.finish()));
    if place.join("node_modules").is_dir() {
        return place;
    }
    let beside = tempfile::tempdir().expect("a temporary folder");
    for file in FILES {
        std::fs::copy(Path::new(SOURCES).join(file), beside.path().join(file)).expect("a copy");
    }
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--omit=dev"]).current_dir(beside.path());
    let output = npm.output().expect("npm: install nodejs and npm");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    match std::fs::rename(beside.path(), &place) {
        Ok(()) => drop(beside.keep()),
        Err(error) => assert!(place.join("node_modules").is_dir(), "{error}"),
    }
    place
}
