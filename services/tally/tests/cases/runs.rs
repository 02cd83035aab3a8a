//! A run that was ended, or that came to nothing, is in nobody's way.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::case::{Case, GROUP, text};

const SERVED: [(&str, &str, &str); 1] = [("T1", "2026-03-02 09:00", "1001")];

fn names(case: &Case) -> Vec<String> {
    let entries = fs::read_dir(case.bundle().with_file_name("result")).expect("a result");
    let mut names: Vec<_> = entries.map(|e| e.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn a_close_that_was_interrupted_leaves_nothing_and_says_so() {
    let case = Case::new(&[], &SERVED);
    let out = case.bundle().with_file_name("result");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    command.env_clear().args(["close", text(&case.bundle()), "--out", text(&out)]);
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let begun = Instant::now();
    while !out.join(".unfinished").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = Command::new("kill").args(["-INT", &process.id().to_string()]).status().expect("a signal");
    assert!(sent.success());
    let output = process.wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("you stopped it"), "{said}");
    assert_eq!(names(&case), [""; 0]);
    assert_eq!(case.close(), 0, "the same command begins anew");
}

#[test]
fn what_a_killed_close_left_behind_is_cleared_and_what_is_somebody_elses_is_not() {
    let case = Case::new(&[], &SERVED);
    let out = case.bundle().with_file_name("result");
    fs::create_dir_all(out.join(".unfinished/inputs")).expect("a folder");
    fs::write(out.join(".unfinished/credits.csv"), "half").expect("a file");
    assert_eq!(case.close(), 0);
    assert!(!names(&case).contains(&".unfinished".to_owned()), "{:?}", names(&case));
    assert!(case.replayed().contains("identical"));
    assert_eq!(case.close(), 2, "a result stays");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn a_folder_that_another_run_is_writing_is_left_to_it() {
    let case = Case::new(&[], &SERVED);
    let unfinished = case.bundle().with_file_name("result").join(".unfinished");
    fs::create_dir_all(&unfinished).expect("a folder");
    let other = fs::File::open(&unfinished).expect("the folder");
    other.lock().expect("a lock");
    assert_eq!(case.close(), 2);
    assert!(unfinished.exists());
}

#[test]
fn a_month_in_which_nobody_is_credited_blocks_no_second_try() {
    let later = "employee_no,account,start,end\n1001,mart-a,2026-03-09 09:00,2026-03-09 12:00\n";
    let case = Case::new(&[("rosters.csv", later)], &[("T1", "2026-03-02 09:00", ""), ("T2", "backwards", "")]);
    let out = case.bundle().with_file_name("result");
    let output = case.run(&["close", text(&case.bundle()), "--out", text(&out)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("rosters.csv") && said.contains("rejected.csv"), "{said}");
    assert_eq!(names(&case), ["findings.csv", "rejected.csv"], "{said}");
    assert!(said.contains("findings.csv says what was noticed"), "{said}");
    let findings = case.result("findings.csv");
    assert!(findings.contains("UNHELD_ACCOUNT,Mart/One/mart-a,"), "{findings}");
    let rosters = "employee_no,account,start,end\n1001,mart-a,2026-03-02 08:00,2026-03-02 12:00\n";
    fs::write(case.bundle().join("rosters.csv"), rosters).expect("a file");
    assert_eq!(case.close(), 3, "one row is rejected still");
    assert_eq!(case.credits(), ["T1 1001 1000000"]);
}

#[test]
fn a_month_in_which_nobody_is_credited_says_which_of_the_causes_it_is_and_how_many() {
    let gone = "employee_no,name,org_unit,position,grade,hired_on,left_on\n1001,Ann,East/Desk,,,2025-01-06,2025-12-31\n\
        1002,Bo,East/Desk,,,2026-05-01,\n1003,Cy,East/Desk,,,soon,\n";
    let unread = "employee_no,name,org_unit,position,grade,hired_on\n1001,Ann,East/Desk,,,2025-01-06\n\
        1002,Bo,East/Desk,,,soon\n1003,Cy,East/Desk,,,late\n";
    let later = "employee_no,account,start,end\n1001,mart-a,2026-03-09 09:00,2026-03-09 12:00\n";
    let backwards = "employee_no,account,start,end\n1001,mart-a,2026-03-02 12:00,2026-03-02 08:00\n\
        1001,mart-a,2026-03-09 09:00,2026-03-09 12:00\n";
    for (files, told, chinese) in [
        (
            [("people.csv", gone), ("rosters.csv", later)],
            "nobody is employed between 2026-03-01 and 2026-03-31: 2 people were read, and 1 row was rejected",
            "读取了 2 人，另有 1 行被拒收",
        ),
        ([("people.csv", unread), ("rosters.csv", later)], "people.csv: 2 rows were rejected", "有 2 行被拒收"),
        (
            [("group.yaml", GROUP), ("rosters.csv", backwards)],
            "1 row of rosters, punches or hand-overs was rejected",
            "排班、打卡或交接有 1 行被拒收",
        ),
    ] {
        for (lang, told) in [("en", told), ("zh-CN", chinese)] {
            let case = Case::new(&files, &[("T1", "2026-03-02 09:00", "")]);
            let out = case.bundle().with_file_name("result");
            let output = case.run(&["close", text(&case.bundle()), "--out", text(&out), "--lang", lang]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains(told), "{said}");
            assert!(!said.contains("bring rosters.csv") && !said.contains("请提供这些日子的"), "{said}");
        }
    }
}
