//! Keys are replaced under running services: by a process that is killed, and by another that ends its work.

use std::process::{Output, Stdio};

use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::journey::{look, main_job};
use crate::stack::Stack;

async fn done(mut command: Command) -> String {
    let output = command.output().await.expect("the program runs");
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Starts a rotation and kills it as soon as it has said its `n`th line.
async fn killed_after_line(stack: &Stack, n: usize) {
    let mut rotation = stack.tally(&["keys", "rotate"]);
    let mut process = rotation.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
    let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
    for _ in 0..n {
        lines.next_line().await.expect("a line").expect("it says more");
    }
    process.kill().await.expect("it is killed");
}

on_both!(keys_are_rotated_by_killed_and_by_patient_processes_while_all_services_run, flavor = "multi_thread");
async fn keys_are_rotated_by_killed_and_by_patient_processes_while_all_services_run(on: Backend) {
    let stack = Stack::on(on).await;
    let job = main_job(&stack).await;
    for lines in [1, 6, 7, 9] {
        killed_after_line(&stack, lines).await;
    }
    // The first ends what the killed ones began; the next begins anew.
    done(stack.tally(&["keys", "rotate"])).await;
    let said = done(stack.tally(&["keys", "rotate", "--what", "data"])).await;
    let pay = said.lines().find(|line| line.starts_with("compensation:")).expect("a line for each service");
    assert!(pay.contains("data keys replaced") && !pay.contains(" 0 rows"), "{}: {said}", stack.name);
    // Statements open, work goes on, and every change still stands in its chain.
    look(&stack, &job).await;
    let verified = done(stack.tally(&["audit", "verify"])).await;
    assert_eq!(verified.matches("intact").count(), 5, "{}: {verified}", stack.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_key_file_opens_with_its_passphrase_only() {
    let mut stack = Stack::one_process(None).await;
    stack.stop().await;
    let new = stack.folder.path().join("new");
    std::fs::write(&new, "open sesame, please\n").expect("a file");
    std::fs::set_permissions(&new, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
    let new = new.to_str().expect("a path in UTF-8");
    done(stack.tally(&["keys", "protect", "--new-passphrase-file", new])).await;

    let refused = stack.tally(&["audit", "verify"]).output().await.expect("the program runs");
    assert_eq!(refused.status.code(), Some(64), "a setting is missing");
    assert!(text(&refused).contains("set TALLY_KEYS_PASSPHRASE"), "{}", text(&refused));
    let wrong = stack.tally(&["audit", "verify"]).env("TALLY_KEYS_PASSPHRASE", "12345").output().await;
    assert!(text(&wrong.expect("the program runs")).contains("no key of"), "a wrong passphrase says so");
    let mut right = stack.tally(&["audit", "verify"]);
    right.env("TALLY_KEYS_PASSPHRASE", "open sesame, please");
    done(right).await;
    let mut right = stack.tally(&["keys", "rotate"]);
    right.env("TALLY_KEYS_PASSPHRASE_FILE", new);
    assert!(done(right).await.contains("master key 2 is in"));
}
