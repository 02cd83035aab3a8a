//! What the binary promises to whoever calls it: exit codes, one digest for one bundle, what goes to which stream.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tally_store::orm::{ConnectionTrait as _, Database};
use tempfile::TempDir;

const RECORDS: &str = "600";

fn tally<'a>(args: impl IntoIterator<Item = &'a str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    // Nothing of the machine's settings has a say.
    command.env_clear().args(args).output().expect("the binary runs")
}

fn in_chinese<'a>(args: impl IntoIterator<Item = &'a str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    command.env_clear().env("LANG", "zh_CN.UTF-8").args(args).output().expect("the binary runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {}", stderr(output)))
}

fn json(output: &Output) -> Value {
    serde_json::from_str(stdout(output)).unwrap_or_else(|e| panic!("{e}: {}{}", stdout(output), stderr(output)))
}

/// A sample bundle and its result, made once for all tests.
struct Made {
    dir: TempDir,
    demo: Value,
}

impl Made {
    fn bundle(&self) -> std::path::PathBuf {
        self.dir.path().join("bundle")
    }

    fn result(&self) -> std::path::PathBuf {
        self.dir.path().join("result")
    }
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = Made { dir: TempDir::new().expect("a folder"), demo: Value::Null };
        let demo = tally(["demo", "--once", "--json", "--records", RECORDS, "--bundle", text(&made.bundle())]);
        assert_eq!(code(&demo), 0, "{}", stderr(&demo));
        let close = tally(["close", text(&made.bundle()), "--json", "--out", text(&made.result())]);
        assert_eq!(code(&close), 0, "{}", stderr(&close));
        assert_eq!(json(&close)["digest"], json(&demo)["digest"], "the demo is what close makes of its bundle");
        Made { demo: json(&demo), ..made }
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("copied");
        }
    }
}

/// A bundle to spoil: file, what to replace, with what.
fn spoilt(file: &str, spoil: impl Fn(String) -> String) -> TempDir {
    let dir = TempDir::new().expect("a folder");
    copy(&made().bundle(), dir.path());
    let path = dir.path().join(file);
    fs::write(&path, spoil(fs::read_to_string(&path).unwrap_or_default())).expect("written");
    dir
}

fn close(bundle: &Path) -> (Output, TempDir) {
    let out = TempDir::new().expect("a folder");
    (tally(["close", text(bundle), "--json", "--out", text(out.path())]), out)
}

#[test]
fn json_is_the_summary_and_nothing_else_and_its_sums_hold() {
    let summary = &made().demo;
    let number = |key: &str| summary[key].as_i64().unwrap_or_else(|| panic!("{key} in {summary}"));
    assert_eq!(number("records"), RECORDS.parse::<i64>().unwrap());
    assert_eq!(number("records"), number("credited") + number("unattributed"));
    assert_eq!(number("pool_minor"), number("paid_minor") + number("team_fund_minor"));
    assert_eq!((number("rejected"), summary["currency"].as_str()), (0, Some("CNY")));
    assert_eq!(summary["digest"].as_str().map(str::len), Some(64));
}

#[test]
fn the_same_seed_gives_the_same_digest_and_another_seed_another() {
    let again = json(&tally(["demo", "--once", "--json", "--records", RECORDS]));
    assert_eq!(again, made().demo);
    let other = json(&tally(["demo", "--once", "--json", "--records", RECORDS, "--seed", "8"]));
    assert_ne!(other["digest"], made().demo["digest"]);
}

#[test]
fn shuffled_rows_give_the_same_bytes() {
    let dir = TempDir::new().unwrap();
    copy(&made().bundle(), dir.path());
    for name in ["people", "accounts", "records", "rosters", "punches", "handovers", "aliases"] {
        let path = dir.path().join(format!("{name}.csv"));
        let content = fs::read_to_string(&path).unwrap();
        let (head, rows) = content.split_once('\n').unwrap();
        let mut rows: Vec<&str> = rows.lines().collect();
        // Far from the order of the file, and always the same.
        rows.sort_by_key(|row| blake3::hash(row.as_bytes()).to_hex().to_string());
        fs::write(&path, format!("{head}\n{}\n", rows.join("\n"))).unwrap();
    }
    let (closed, out) = close(dir.path());
    assert_eq!(code(&closed), 0, "{}", stderr(&closed));
    let files = |dir: &Path| -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(dir).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file());
        let read = |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
        entries.map(read).filter(|(name, _)| name != "timings.json" && name != "rejected.csv").collect()
    };
    for (which, twin) in
        [(out.path().to_owned(), made().result()), (out.path().join("inputs"), made().result().join("inputs"))]
    {
        let (ours, theirs) = (files(&which), files(&twin));
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        for (name, bytes) in ours {
            assert!(bytes == theirs[&name], "{name} differs");
        }
    }
}

#[test]
fn a_result_replays_from_its_own_folder() {
    let replayed = tally(["replay", text(&made().result())]);
    assert_eq!(code(&replayed), 0, "{}{}", stdout(&replayed), stderr(&replayed));
    let not_covered = stdout(&replayed).lines().nth(1).unwrap_or_default();
    assert!(
        not_covered.starts_with("not compared") && not_covered.ends_with(": rejected.csv, timings.json"),
        "{not_covered}"
    );
    let digest = made().demo["digest"].as_str().unwrap();
    assert!(
        stdout(&replayed).starts_with("identical: ") && stdout(&replayed).contains(digest),
        "{}",
        stdout(&replayed)
    );
}

#[test]
fn a_result_in_chinese_replays_too() {
    let dir = TempDir::new().unwrap();
    let (bundle, out) = (dir.path().join("bundle"), dir.path().join("result"));
    let demo = tally(["demo", "--once", "--json", "--records", "300", "--lang", "zh-CN", "--bundle", text(&bundle)]);
    let closed = tally(["close", text(&bundle), "--json", "--lang", "zh-CN", "--out", text(&out)]);
    assert_eq!(json(&closed)["digest"], json(&demo)["digest"]);
    assert!(fs::read_to_string(out.join("statements.csv")).unwrap().contains("奖金池"));
    let replayed = tally(["replay", text(&out), "--json"]);
    assert_eq!((code(&replayed), &json(&replayed)["identical"]), (0, &Value::Bool(true)), "{}", stdout(&replayed));
}

#[test]
fn replay_names_the_first_line_that_differs() {
    let dir = TempDir::new().unwrap();
    copy(&made().result(), dir.path());
    let path = dir.path().join("statements.csv");
    let statements = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = statements.lines().map(str::to_owned).collect();
    let truly = lines[2].clone();
    lines[2].push('0');
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let replayed = tally(["replay", text(dir.path()), "--json"]);
    assert_eq!(code(&replayed), 1);
    let difference = &json(&replayed)["difference"];
    assert_eq!((difference["file"].as_str(), difference["line"].as_u64()), (Some("statements.csv"), Some(3)));
    let starts = |key: &str, with: &str| difference[key].as_str().is_some_and(|line| line.starts_with(&with[..20]));
    assert!(starts("recorded", &lines[2]) && starts("recomputed", &truly), "{difference}");
}

#[test]
fn replay_names_the_input_that_was_altered_and_refuses_what_is_no_result() {
    let dir = TempDir::new().unwrap();
    copy(&made().result(), dir.path());
    let path = dir.path().join("inputs/punches.csv");
    let mut punches = fs::read(&path).unwrap();
    let last = punches.len() - 2;
    punches[last] ^= 1;
    fs::write(&path, punches).unwrap();
    let replayed = tally(["replay", text(dir.path())]);
    assert_eq!(code(&replayed), 1);
    assert!(stdout(&replayed).contains("inputs/punches.csv"), "{}", stdout(&replayed));
    let nothing = tally(["replay", text(&made().bundle())]);
    assert_eq!((code(&nothing), stdout(&nothing)), (2, ""));
    assert!(stderr(&nothing).contains("manifest.json"), "{}", stderr(&nothing));
}

#[test]
fn a_rejected_row_ends_with_3_and_everything_else_is_done() {
    let bundle = spoilt("records.csv", |mut records| {
        let stranger = records.lines().nth(5).unwrap().replacen("-kf0", "-kf9", 1);
        records.push_str(&stranger.replace("2603", "X"));
        records + "\n"
    });
    let (closed, out) = close(bundle.path());
    assert_eq!(code(&closed), 3, "{}", stderr(&closed));
    let summary = json(&closed);
    assert_eq!((summary["rejected"].as_u64(), summary["records"].as_u64()), (Some(1), RECORDS.parse().ok()));
    let rejected = fs::read_to_string(out.path().join("rejected.csv")).unwrap();
    assert!(rejected.contains("records.csv,602,account,") && rejected.contains("accounts.csv"), "{rejected}");
    let replayed = tally(["replay", text(out.path())]);
    assert_eq!(code(&replayed), 0, "a month with a rejected row replays: {}", stdout(&replayed));
}

#[test]
fn unusable_input_ends_with_2_and_says_what_to_change() {
    type Case<'a> = (&'a str, fn(String) -> String, &'a [&'a str]);
    let cases: [Case<'_>; 8] = [
        ("people.csv", |_| String::new(), &["people.csv"]),
        ("records.csv", |head| head.lines().next().unwrap_or_default().to_owned() + "\n", &["records.csv"]),
        ("records.csv", |_| "\u{0}\u{1}PK\u{3}\u{4}\u{0}\u{0}".to_owned(), &["records.csv"]),
        ("scheme.yaml", |scheme| scheme.replacen("weight: 40", "weight: 41", 1), &["scheme.yaml", "101", "100"]),
        ("scheme.yaml", |scheme| scheme.replacen("weight: 40", "weight: 0", 1), &["scheme.yaml", "weight"]),
        ("group.yaml", |group| group.replace("2026-03", "2025-01"), &["2025-01"]),
        ("group.yaml", |group| group.replace("cn-east", "East China"), &["group.yaml", "East China", "cn-east"]),
        ("policy.yaml", |policy| policy.replace("04:00", "13:00"), &["policy.yaml", "cut_over", "11:59"]),
    ];
    for (file, spoil, said) in cases {
        let (closed, out) = close(spoilt(file, spoil).path());
        assert_eq!(code(&closed), 2, "{file}: {}{}", stdout(&closed), stderr(&closed));
        assert_eq!(stdout(&closed), "", "{file}");
        let told = stderr(&closed);
        assert!(said.iter().all(|word| told.contains(word)) && told.lines().count() == 1, "{file}: {told}");
        assert!(fs::read_dir(out.path()).unwrap().next().is_none(), "nothing is written");
    }
}

#[test]
fn a_folder_that_is_not_there_or_not_empty_is_unusable() {
    let missing = tally(["close", "/nowhere/at/all", "--json"]);
    assert_eq!((code(&missing), stdout(&missing)), (2, ""));
    let full = tally(["close", text(&made().bundle()), "--out", text(&made().result())]);
    assert_eq!(code(&full), 2);
    assert!(stderr(&full).contains("--out"), "{}", stderr(&full));
    let full = tally(["demo", "--once", "--bundle", text(&made().bundle())]);
    assert_eq!(code(&full), 2);
    assert!(stderr(&full).contains("--bundle"), "{}", stderr(&full));
}

#[test]
fn a_wrong_command_line_or_setting_ends_with_64_and_names_it() {
    for (args, said) in [
        (vec!["demo", "--recods", "5"], "--records"),
        (vec!["demo", "--records", "0"], "records"),
        (vec!["close"], "BUNDLE"),
        (vec!["serve", "--set", "server.listn=1"], "server.listn"),
        (vec!["serve", "--services", "payroll"], "payroll"),
    ] {
        let output = tally(args.iter().copied());
        assert_eq!((code(&output), stdout(&output)), (64, ""), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{args:?}: {}", stderr(&output));
    }
    assert_eq!(code(&tally(["--help"])), 0);
    assert!(stdout(&tally(["--version"])).starts_with("tally "));
}

#[test]
fn audit_verify_names_the_entry_whose_byte_was_flipped_and_the_log_that_was_put_back() {
    let dir = TempDir::new().unwrap();
    let url = format!("database.url=sqlite://{}/{{service}}.db", text(dir.path()));
    let mut init = Command::new(env!("CARGO_BIN_EXE_tally"));
    init.env_clear().args(["init", "--name", "A group", "--set", &url]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut init = init.spawn().expect("the binary runs");
    init.stdin.take().expect("its input").write_all(b"correct horse battery\n").expect("written");
    assert!(init.wait().expect("its end").success());
    let args = ["audit", "verify", "--set", url.as_str(), "--set", "server.services=identity"];
    let verify = || tally(args);
    let sound = verify();
    assert_eq!(code(&sound), 0, "{}{}", stdout(&sound), stderr(&sound));
    assert!(stdout(&sound).starts_with("identity: ") && stdout(&sound).contains("exported heads: intact"));

    let search = ["audit", "search", "--subject", "nothing:0", "--json", "--set", url.as_str()];
    let nothing = tally(search.into_iter().chain(["--set", "server.services=identity"]));
    assert_eq!((code(&nothing), stdout(&nothing)), (0, ""), "{}", stderr(&nothing));
    let file = dir.path().join("identity.db");
    let flip = "UPDATE audit SET method = replace(method, 'InitTenant', 'InitTenanu') WHERE position = 1";
    let flipped = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = Database::connect(format!("sqlite://{}", text(&file))).await.expect("the file");
        db.execute_unprepared(flip).await.expect("a change").rows_affected()
    });
    assert_eq!(flipped, 1);
    let found = verify();
    assert_eq!(code(&found), 1, "{}{}", stdout(&found), stderr(&found));
    assert!(stdout(&found).contains("entry 1 (") && stdout(&found).contains("is not what the service wrote"));
    let chinese = in_chinese(args);
    assert!(stdout(&chinese).contains("：第 1 条日志（"), "{}", stdout(&chinese));
    assert!(stdout(&chinese).contains("）的内容不是服务写入的内容\n"), "{}", stdout(&chinese));

    // The database of before the first entry: only the exported heads know better.
    for file in ["identity.db", "identity.db-wal", "identity.db-shm"] {
        let _gone = fs::remove_file(dir.path().join(file));
    }
    let found = verify();
    assert_eq!(code(&found), 1, "{}{}", stdout(&found), stderr(&found));
    assert!(stdout(&found).contains("an older log was put back"), "{}", stdout(&found));
}

#[test]
fn a_person_and_a_record_are_explained() {
    let out = TempDir::new().unwrap();
    let statements = fs::read_to_string(made().result().join("statements.csv")).unwrap();
    let person = statements.lines().nth(1).and_then(|row| row.split(',').next()).unwrap();
    let bundle = made().bundle();
    let closed = tally(["close", text(&bundle), "--out", text(out.path()), "--explain", person]);
    assert_eq!(code(&closed), 0, "{}", stderr(&closed));
    let (_, page) = stdout(&closed).rsplit_once("The score, step by step").expect("the card's trace");
    assert!(page.contains("The statement") && page.contains("Records behind it"), "{page}");
    let out = TempDir::new().unwrap();
    let credits = fs::read_to_string(made().result().join("credits.csv")).unwrap();
    let record = credits.lines().nth(1).and_then(|row| row.split(',').next()).unwrap();
    let closed = tally(["close", text(&bundle), "--json", "--out", text(out.path()), "--explain", record]);
    assert_eq!(json(&closed)["digest"], made().demo["digest"], "with --json the explanation goes to the other stream");
    assert!(stderr(&closed).contains(&format!("Record {record} on ")), "{}", stderr(&closed));
}

#[test]
fn without_a_pool_nothing_is_settled_and_everything_else_is_there() {
    let bundle = spoilt("nothing.txt", |_| String::new());
    fs::remove_file(bundle.path().join("pool.yaml")).unwrap();
    let (closed, out) = close(bundle.path());
    assert_eq!(code(&closed), 0, "{}", stderr(&closed));
    assert_eq!(json(&closed).get("pool_minor"), None);
    assert_eq!(fs::read_to_string(out.path().join("statements.csv")).unwrap().lines().count(), 1);
}

#[test]
fn three_files_of_any_year_are_enough() {
    for year in ["1999-", "2099-"] {
        let dir = TempDir::new().unwrap();
        for name in ["people.csv", "accounts.csv", "records.csv"] {
            let content = fs::read_to_string(made().bundle().join(name)).unwrap();
            fs::write(dir.path().join(name), content.replace("2026-", year).replace("2025-", year)).unwrap();
        }
        let (closed, _out) = close(dir.path());
        assert!([0, 3].contains(&code(&closed)), "{year} {}", stderr(&closed));
        let summary = json(&closed);
        assert!(summary["credited"].as_u64().unwrap() > 0, "{summary}");
        assert!(summary["from"].as_str().unwrap().starts_with(year), "{summary}");
    }
}

#[test]
fn names_as_long_as_a_bundle_may_have_them_are_closed() {
    let (long, deep) = ("n".repeat(200), format!("{}/{}", vec!["u"; 15].join("/"), "t".repeat(160)));
    let dir = spoilt("people.csv", |people| {
        let (head, rows) = people.split_once('\n').unwrap();
        format!("{head}\n99999,{long},{deep},,,2026-01-01,\n{rows}")
    });
    let (closed, _out) = close(dir.path());
    assert_eq!(code(&closed), 0, "{}", stderr(&closed));
}

#[test]
fn a_month_in_which_nobody_can_be_credited_says_what_to_bring() {
    let dir = TempDir::new().unwrap();
    let files = [
        ("people.csv", "employee_no,name,org_unit,position,grade,hired_on\n1001,A,East/Chat,,,2024-05-06\n"),
        ("accounts.csv", "platform,store,account,phase,capacity,zone\nJD,Star,kf01,shared,3,Asia/Shanghai\n"),
        (
            "records.csv",
            "platform,store,account,external_id,started_at,ended_at,agent,kind,first_reply_seconds,resolved,rating,amount\n\
             JD,Star,kf01,J1,2026-03-02 09:00,2026-03-02 09:05,,,,,,\n",
        ),
        ("rosters.csv", "employee_no,account,start,end\n1001,kf01,2026-03-03 09:00,2026-03-03 17:00\n"),
    ];
    files.iter().for_each(|(name, content)| fs::write(dir.path().join(name), content).unwrap());
    let (closed, _out) = close(dir.path());
    assert_eq!(code(&closed), 2, "{}", stderr(&closed));
    assert!(stderr(&closed).contains("bring rosters.csv"), "{}", stderr(&closed));
}

#[test]
fn an_invitation_is_brought_in_a_file_and_sqlite_says_why_it_takes_no_second_group() {
    let dir = TempDir::new().unwrap();
    let url = format!("database.url=sqlite://{}/{{service}}.db", dir.path().join("data").display());
    let keys = format!("keys.directory={}", dir.path().join("keys").display());
    let file = dir.path().join("invitation");
    let init = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
        command.env_clear().args(["init", "--name", "A group", "--set", &url, "--set", &keys]).args(more);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut init = command.spawn().expect("the binary runs");
        init.stdin.take().expect("its input").write_all(b"correct horse battery\n").expect("written");
        init.wait_with_output().expect("its end")
    };
    assert_eq!(code(&init(&[])), 0);
    let second = ["--login", "other", "--invitation-file", text(&file)];
    let missing = init(&second);
    assert!(code(&missing) == 64 && stderr(&missing).contains("--invitation-file"), "{}", stderr(&missing));
    let told =
        [tally(["invite", "--set", &url, "--set", &keys]), in_chinese(["invite", "--set", &url, "--set", &keys])];
    for (refused, sentence) in told.iter().zip(["several groups need PostgreSQL", "多个集团需要 PostgreSQL"]) {
        assert_eq!((code(refused), stdout(refused)), (64, ""), "{}", stderr(refused));
        assert!(stderr(refused).contains(sentence), "{}", stderr(refused));
    }
    // One that is for another database, signed by the same key.
    let elsewhere = "database.url=postgres://tally_{service}@127.0.0.1/tally";
    let invited = tally(["invite", "--set", elsewhere, "--set", &keys]);
    assert_eq!(code(&invited), 0, "{}", stderr(&invited));
    fs::write(&file, stdout(&invited)).unwrap();
    let refused = init(&second);
    assert!(code(&refused) == 1 && stderr(&refused).contains("several groups need PostgreSQL"), "{}", stderr(&refused));
    fs::write(&file, "a.b.c").unwrap();
    let invalid = init(&second);
    assert!(code(&invalid) == 1 && stderr(&invalid).contains("ask its operator for another"), "{}", stderr(&invalid));
}

#[test]
fn a_group_with_a_chosen_id_is_made_once_however_often_a_job_runs() {
    let dir = TempDir::new().unwrap();
    let url = format!("database.url=sqlite://{}/{{service}}.db", dir.path().join("data").display());
    let file = dir.path().join("password");
    fs::write(&file, "correct horse battery\n").unwrap();
    let init = |more: &[&str]| {
        let args = ["init", "--name", "A group", "--password-file", text(&file), "--set", &url];
        tally(args.iter().chain(more).copied())
    };
    let id = ["--tenant-id", "019a0000-0000-7000-8000-000000000001"];
    let made = init(&id);
    assert!(code(&made) == 0 && stdout(&made).contains("made the group A group"), "{}", stderr(&made));
    let again = init(&id);
    assert!(code(&again) == 0 && stdout(&again).contains("nothing is changed"), "{}", stderr(&again));
    let regions = init(&[&id[..], &["--currency", "EUR", "--regions", "local,eu-west"]].concat());
    assert_eq!(code(&regions), 2, "{}{}", stdout(&regions), stderr(&regions));
    for told in ["--currency CNY and not EUR", "--regions local and not local,eu-west", "nothing is changed"] {
        assert!(stderr(&regions).contains(told), "{}", stderr(&regions));
    }
    // Somebody who did not say which group he means learns that he made none, and so does whoever means another.
    for other in [&[][..], &["--tenant-id", "019a0000-0000-7000-8000-000000000002"]] {
        let refused = init(other);
        assert!(code(&refused) == 1 && stderr(&refused).contains("holds a group already"), "{}", stderr(&refused));
    }
    fs::write(&file, "\n").unwrap();
    let empty = init(&id);
    assert!(code(&empty) == 64 && stderr(&empty).contains("--password-file"), "{}", stderr(&empty));
}

#[test]
fn a_migration_with_an_owner_and_no_database_does_not_fall_back_to_sqlite() {
    let dir = TempDir::new().unwrap();
    let owner = "database.owner_url=postgres://tally:secret@127.0.0.1:1/tally";
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    let refused = command.env_clear().current_dir(dir.path()).args(["migrate", "--set", owner]).output().unwrap();
    assert!(code(&refused) == 64 && stderr(&refused).contains("TALLY_DATABASE_URL"), "{}", stderr(&refused));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_database_to_close_a_month_in_is_named_as_it_was_typed() {
    let bundle = made().bundle();
    for (url, problem) in [
        ("postgres://owner@127.0.0.1:1/tally", "nobody listens there"),
        ("sqlite://x", "postgres://ROLE:PASSWORD@HOST:PORT/DATABASE"),
        ("nonsense", "postgres://ROLE:PASSWORD@HOST:PORT/DATABASE"),
    ] {
        let out = TempDir::new().expect("a folder");
        let refused = tally(["close", text(&bundle), "--out", text(out.path()), "--database", url]);
        let said = stderr(&refused);
        assert!(said.contains("--database (CLOSE_DATABASE_URL)") && said.contains(problem), "{said}");
        assert!(!said.contains("database.") && code(&refused) != 0, "{said}");
    }
}
