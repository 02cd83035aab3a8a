//! The demo as a process of its own: a group with a closed and paid month, and users of every role.

use std::path::PathBuf;
use std::process::Stdio;

use tally_testkit::eventually;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A running demo; it ends with the value.
pub struct Demo {
    /// Where its console is.
    pub address: String,
    /// Everybody's.
    pub password: String,
    /// The files of its month.
    pub month: PathBuf,
    /// Sign-in names and roles.
    pub users: Vec<(String, String)>,
    _process: Child,
    _folder: TempDir,
}

impl Demo {
    /// A demo whose people have English names; the console speaks whatever the browser asks for.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, err) = (folder.path().join("out"), folder.path().join("err"));
        let file = |path: &PathBuf| Stdio::from(std::fs::File::create(path).expect("a file"));
        let process = Command::new(program())
            .args(["demo", "--records", "3000", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--lang", "en"])
            .args(["--bundle", "month"])
            .current_dir(folder.path())
            .stdout(file(&out))
            .stderr(file(&err))
            .kill_on_drop(true)
            .spawn()
            .expect("the program");
        let said = eventually("the demo says where it is", async || {
            let said = std::fs::read_to_string(&out).unwrap_or_default();
            said.contains("openapi.json").then_some(said)
        });
        let said = said.await;
        let after =
            |mark: &str| said.rsplit_once(mark).map(|(_, rest)| rest.trim_start().to_owned()).unwrap_or_default();
        let word = |text: String| text.split([' ', '\n', ';', '/']).next().unwrap_or_default().to_owned();
        // The address of the console stands in a heading of its own, before all that follows it.
        let address = said.split("http://127.0.0.1:").nth(1).map(|rest| word(rest.to_owned())).expect("an address");
        let password = word(after("made up for this run:"));
        let roles = [
            "agent",
            "supervisor",
            "branch_hr",
            "group_hr",
            "group_admin",
            "compensation_specialist",
            "approver",
            "auditor",
        ];
        let user = |line: &str| {
            let mut words = line.split_whitespace();
            let (login, role) = (words.next()?, words.next()?);
            roles.contains(&role).then(|| (login.to_owned(), role.to_owned()))
        };
        let users = said.lines().filter_map(user).collect();
        let (address, month) = (format!("http://127.0.0.1:{address}"), folder.path().join("month"));
        Self { address, password, month, users, _process: process, _folder: folder }
    }

    /// A user by sign-in name: that there is one.
    pub fn login<'n>(&self, login: &'n str) -> &'n str {
        assert!(self.users.iter().any(|(known, _)| known == login), "the demo has no {login}: {:?}", self.users);
        login
    }

    /// The first user with a role.
    pub fn user(&self, role: &str) -> &str {
        let found = self.users.iter().find(|(_, of)| of == role);
        &found.unwrap_or_else(|| panic!("the demo has nobody who is {role}: {:?}", self.users)).0
    }
}

/// The program as `./test` and `cargo nextest` build it, beside the folder of test binaries.
fn program() -> PathBuf {
    let here = std::env::current_exe().expect("the test's own path");
    let program = here.parent().and_then(std::path::Path::parent).expect("target/debug").join("tally");
    assert!(program.is_file(), "{} is missing: run `cargo build -p tally` first, as ./test does", program.display());
    program
}
