//! What happens when nobody reads what a command prints.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn tally(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    command.env_clear().current_dir(folder).args(args).stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> Output {
    command.output().expect("the binary runs")
}

/// A pipe whose reader went away, as `head` does.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn group() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let mut init = tally(folder.path(), &["init", "--name", "A group"]);
    let mut init = init.stdin(Stdio::piped()).stdout(unread()).stderr(unread()).spawn().expect("the binary runs");
    init.stdin.take().expect("its input").write_all(b"correct horse battery\n").expect("written");
    assert!(init.wait().expect("its end").success());
    folder
}

#[test]
fn a_reader_that_went_away_ends_no_command_and_breaks_off_no_work() {
    let folder = group();
    let of = ["--set", "server.services=identity"];
    for args in [
        &["migrate"][..],
        &["keys", "make"],
        &["keys", "rotate"],
        &["audit", "verify"],
        &["audit", "search", "--subject", "nothing:0"],
        &["invite", "--set", "database.url=postgres://tally_{service}@127.0.0.1/tally"],
        &["keys", "rotate-signing", "identity"],
        &["serve", "--dump-config"],
        &["help"],
        &["no-such-command"],
    ] {
        let named = if matches!(args[0], "help" | "no-such-command") { &[][..] } else { &of[..] };
        let mut command = tally(folder.path(), &[args, named].concat());
        let ended = command.stdout(unread()).stderr(unread()).status().expect("the binary runs");
        let expected = if args[0] == "no-such-command" { 64 } else { 0 };
        assert_eq!(ended.code(), Some(expected), "{args:?}");
    }
    let again = run(tally(folder.path(), &[&["keys", "rotate"][..], &of].concat()));
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(
        said.starts_with("master key ") && said.contains("data keys replaced"),
        "the first one went to its end: {said}"
    );
}

#[test]
fn output_that_a_full_disk_does_not_take_is_a_failure() {
    let folder = TempDir::new().expect("a folder");
    let full = OpenOptions::new().write(true).open("/dev/full").expect("a device of this system");
    let mut dump = tally(folder.path(), &["serve", "--dump-config"]);
    dump.stdout(full);
    let dumped = run(dump);
    assert_eq!(dumped.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&dumped.stderr).starts_with("tally: not all of the output could be written: "));
}
