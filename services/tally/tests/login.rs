//! The command line against a listener that speaks TLS: signing in once is enough, and whoever cannot get in reads why.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

mod tls;

use tls::tls;

const PASSWORD: &str = "correct horse battery\n";
const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

fn run(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("the binary runs");
    // Whoever does not read it may be gone already.
    let _unread = process.stdin.take().expect("its input").write_all(input.as_bytes());
    process.wait_with_output().expect("its end")
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    command.env_clear();
    command
}

/// A suite with an administrator; it ends with the test.
struct Suite {
    data: TempDir,
    process: Child,
    port: String,
}

impl Suite {
    fn start(settings: &[(&str, &str)]) -> Self {
        let data = TempDir::new().expect("a folder");
        let url = format!("sqlite://{}/{{service}}.db", data.path().display());
        let made = run(program().args(["init", "--name", "A group"]).env("TALLY_DATABASE_URL", &url), PASSWORD);
        assert!(made.status.success(), "{}", said(&made));
        let mut command = program();
        command.args(SERVE).env("TALLY_DATABASE_URL", &url);
        command.envs(settings.iter().map(|(key, file)| (key, tls(file)))).stdin(Stdio::null());
        let log = fs::File::create(data.path().join("log")).expect("a log");
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the binary runs");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let port = line.trim().rsplit(':').next().expect("a port").to_owned();
        let log = || fs::read_to_string(data.path().join("log")).unwrap_or_default();
        assert!(port.parse::<u16>().is_ok(), "{line}{}", log());
        let scheme = if settings.is_empty() { " on http://" } else { " on https://" };
        assert!(line.contains(scheme), "{line}");
        Self { data, process, port }
    }

    fn encrypted() -> Self {
        Self::start(&[("TALLY_SERVER_TLS_CERTIFICATE", "server.pem"), ("TALLY_SERVER_TLS_KEY", "server.key")])
    }

    /// It wants certificates of its callers.
    fn mutual() -> Self {
        Self::start(&[
            ("TALLY_SERVER_TLS_CERTIFICATE", "server.pem"),
            ("TALLY_SERVER_TLS_KEY", "server.key"),
            ("TALLY_SERVER_TLS_AUTHORITY", "authority.pem"),
        ])
    }

    fn at(&self, scheme: &str) -> String {
        format!("{scheme}://localhost:{}", self.port)
    }
}

impl Drop for Suite {
    fn drop(&mut self) {
        let _ended = (self.process.kill(), self.process.wait());
    }
}

/// Somebody's machine.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn session(&self) -> PathBuf {
        self.0.path().join(".local/state/tally/session.json")
    }

    fn tally(&self, args: &[&str], settings: &[(&str, &str)], input: &str) -> Output {
        let mut command = program();
        command.env("HOME", self.0.path()).envs(settings.iter().copied()).current_dir(self.0.path());
        run(command.args(args), input)
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> &str {
    str::from_utf8(&output.stdout).expect("UTF-8")
}

const REVIEW: [&str; 3] = ["access", "review", "identity.grant.read"];

#[test]
fn signing_in_over_tls_once_is_enough_for_the_commands_that_follow() {
    let (suite, home) = (Suite::encrypted(), Home::new());
    let (server, ca) = (suite.at("https"), tls("authority.pem"));
    let signed_in = home.tally(&["login", "admin", "--server", &server, "--ca", &ca], &[], PASSWORD);
    assert!(signed_in.status.success(), "{}", said(&signed_in));
    let token = printed(&signed_in).trim().to_owned();
    assert_eq!(token.split('.').count(), 3, "the token alone: {token}");
    let mode = fs::metadata(home.session()).expect("it is remembered").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let review = home.tally(&REVIEW, &[], "");
    assert!(review.status.success() && printed(&review).contains("admin"), "{}{}", printed(&review), said(&review));
    assert!(said(&review).contains(&format!("as admin at {server}")), "{}", said(&review));
    let again = home.tally(&["login", "admin"], &[], PASSWORD);
    assert!(again.status.success(), "{}", said(&again));

    // Where nothing is remembered, everything is said: a token of a file or of the input, the authority by a setting.
    let (elsewhere, file) = (Home::new(), home.0.path().join("token"));
    fs::write(&file, &token).unwrap();
    let named = [&REVIEW[..], &["--server", &server, "--ca", &ca, "--token-file", file.to_str().unwrap()]].concat();
    let review = elsewhere.tally(&named, &[], "");
    assert!(review.status.success(), "{}", said(&review));
    let settings = [("TALLY_CLIENT_SERVER", server.as_str()), ("TALLY_CLIENT_AUTHORITY", &ca)];
    let review = elsewhere.tally(&REVIEW, &settings, &token);
    assert!(review.status.success(), "{}", said(&review));
    assert!(!elsewhere.session().exists(), "only `tally login` remembers");
}

#[test]
fn who_names_a_server_reaches_it_alone_whatever_peers_the_settings_have() {
    let (suite, home, away) = (Suite::start(&[]), Home::new(), "http://127.0.0.1:1");
    let peers: Vec<_> = ["TALLY_PEERS_IDENTITY", "TALLY_PEERS_ATTENDANCE"].map(|key| (key, away)).into();
    let (server, review) = (suite.at("http"), |args: &[&str]| home.tally(&[&REVIEW[..], args].concat(), &peers, ""));
    let signed_in = home.tally(&["login", "admin", "--server", &server], &peers, PASSWORD);
    assert!(signed_in.status.success(), "{}", said(&signed_in));
    let named = review(&["--server", &server]);
    assert!(named.status.success() && said(&named).contains(&format!("as admin at {server}")), "{}", said(&named));
    let nobody = review(&[]);
    assert!(!nobody.status.success() && said(&nobody).contains("no token"), "it is of another: {}", said(&nobody));
}

#[test]
fn a_sign_in_that_is_over_says_who_signs_in_again() {
    let (suite, home) = (Suite::start(&[]), Home::new());
    let signed_in = home.tally(&["login", "admin", "--server", &suite.at("http")], &[], PASSWORD);
    assert!(signed_in.status.success(), "{}", said(&signed_in));
    let text = fs::read_to_string(home.session()).unwrap();
    let mut known: serde_json::Value = serde_json::from_str(&text).unwrap();
    known["good_until"] = "2026-01-01T00:00:00Z".into();
    fs::write(home.session(), known.to_string()).unwrap();
    let review = home.tally(&REVIEW, &[], "");
    assert!(!review.status.success() && said(&review).contains("tally login admin"), "{}", said(&review));
    // A token that is piped in takes its place.
    let review = home.tally(&REVIEW, &[], printed(&signed_in));
    assert!(review.status.success(), "{}", said(&review));
    // Another server is not shown it.
    let other = home.tally(&[&REVIEW[..], &["--server", "http://127.0.0.1:1"]].concat(), &[], "");
    assert!(said(&other).contains("tally login NAME"), "{}", said(&other));
}

#[test]
fn a_server_that_wants_a_certificate_is_shown_one_and_it_is_remembered() {
    let (suite, home) = (Suite::mutual(), Home::new());
    let (server, ca) = (suite.at("https"), tls("authority.pem"));
    let login = ["login", "admin", "--server", &server, "--ca", &ca];
    let refused = home.tally(&login, &[], PASSWORD);
    assert!(!refused.status.success() && said(&refused).contains("--client-cert"), "{}", said(&refused));
    let stranger = [("TALLY_CLIENT_CERTIFICATE", tls("stranger.pem")), ("TALLY_CLIENT_KEY", tls("stranger.key"))];
    let stranger = stranger.each_ref().map(|(key, file)| (*key, file.as_str()));
    let refused = home.tally(&login, &stranger, PASSWORD);
    assert!(
        !refused.status.success() && said(&refused).contains("does not take the certificate"),
        "{}",
        said(&refused)
    );
    let half = home.tally(&[&login[..], &["--client-cert", &tls("client.pem")]].concat(), &[], PASSWORD);
    assert!(half.status.code() == Some(64) && said(&half).contains("--client-key"), "{}", said(&half));

    let own = ["--client-cert", &tls("client.pem"), "--client-key", &tls("client.key")];
    let signed_in = home.tally(&[&login[..], &own].concat(), &[], PASSWORD);
    assert!(signed_in.status.success(), "{}", said(&signed_in));
    let review = home.tally(&REVIEW, &[], "");
    assert!(review.status.success() && printed(&review).contains("admin"), "{}", said(&review));
}

#[test]
fn whoever_cannot_get_in_reads_why_in_the_language_of_the_machine() {
    let (encrypted, plain, home) = (Suite::encrypted(), Suite::start(&[]), Home::new());
    let ca = tls("authority.pem");
    let no_pem = home.0.path().join("no.pem");
    fs::write(&no_pem, "nothing").unwrap();
    let no_pem = no_pem.to_str().unwrap();
    let by_number = format!("https://127.0.0.1:{}", encrypted.port);
    for (server, ca, code, english, chinese) in [
        (encrypted.at("https"), "", 1, "--ca", "不信任的机构"),
        (by_number, ca.as_str(), 1, "for another name", "另一个名称"),
        (encrypted.at("http"), "", 1, "write https://", "改写为 https://"),
        (plain.at("https"), &ca, 1, "write http://", "改写为 http://"),
        ("http://127.0.0.1:1".to_owned(), "", 1, "nobody answers at http://127.0.0.1:1", "没有应答"),
        ("localhost:7070".to_owned(), "", 64, "localhost:7070 is no address", "不是服务地址"),
        (
            encrypted.at("https"),
            "/nowhere.pem",
            64,
            "cannot read /nowhere.pem: it is not there",
            "无法读取 /nowhere.pem：不存在",
        ),
        (encrypted.at("https"), no_pem, 64, "holds no CERTIFICATE in PEM", "中没有 PEM 格式的"),
    ] {
        for (language, sentence) in [("C.UTF-8", english), ("zh_CN.UTF-8", chinese)] {
            let mut args = vec!["login", "admin", "--server", &server];
            args.extend(["--ca", ca].iter().filter(|_| !ca.is_empty()));
            let refused = home.tally(&args, &[("LANG", language)], PASSWORD);
            assert_eq!((refused.status.code(), printed(&refused)), (Some(code), ""), "{server}: {}", said(&refused));
            assert!(said(&refused).contains(sentence), "{server}: {}", said(&refused));
        }
    }
    assert!(!Path::new(&home.session()).exists());
}

#[test]
fn a_file_that_is_named_takes_the_place_of_its_own_kind_alone() {
    let (suite, home) = (Suite::mutual(), Home::new());
    let (server, ca) = (suite.at("https"), tls("authority.pem"));
    let (certificate, key) = (tls("client.pem"), tls("client.key"));
    let shown = ["--client-cert", &certificate, "--client-key", &key];
    let signed_in =
        home.tally(&[&["login", "admin", "--server", &server, "--ca", &ca], &shown[..]].concat(), &[], PASSWORD);
    assert!(signed_in.status.success(), "{}", said(&signed_in));
    for named in [&["--ca", ca.as_str()][..], &shown] {
        let review = home.tally(&[&REVIEW[..], named].concat(), &[], "");
        assert!(review.status.success(), "{named:?}: {}", said(&review));
    }
}

#[test]
fn a_token_that_is_piped_in_is_taken_where_it_is_named_and_else_it_is_said_that_it_was_not() {
    let (suite, home) = (Suite::start(&[]), Home::new());
    let signed_in = home.tally(&["login", "admin", "--server", &suite.at("http")], &[], PASSWORD);
    assert!(signed_in.status.success(), "{}", said(&signed_in));
    let review = home.tally(&REVIEW, &[], "somebody-elses-token");
    assert!(review.status.success() && said(&review).contains("--token-file -"), "{}", said(&review));
    let named = [&REVIEW[..], &["--token-file", "-"]].concat();
    let review = home.tally(&named, &[], "somebody-elses-token");
    assert!(!review.status.success(), "{}", said(&review));
    let review = home.tally(&named, &[], printed(&signed_in));
    assert!(review.status.success() && !said(&review).contains("--token-file"), "{}", said(&review));
}

#[test]
fn whom_the_administrator_makes_brings_a_month_in() {
    let (suite, home) = (Suite::start(&[]), Home::new());
    let path = |name: &str| home.0.path().join(name);
    fs::create_dir(path("month")).unwrap();
    for (name, text) in [
        ("people.csv", "employee_no,name,org_unit,position,grade,hired_on\n1001,Ann,East/Desk,agent,P1,2025-01-06\n"),
        ("accounts.csv", "platform,store,account,phase,capacity,zone\nMart,One,mart-a,shared,1,Asia/Shanghai\n"),
        (
            "records.csv",
            "platform,store,account,external_id,started_at,ended_at,agent,amount\nMart,One,mart-a,r1,2026-03-02 09:00,2026-03-02 09:05,1001,12.50\n",
        ),
    ] {
        fs::write(path("month").join(name), text).unwrap();
    }
    let signed_in = home.tally(&["login", "admin", "--server", &suite.at("http")], &[], PASSWORD);
    assert!(signed_in.status.success(), "{}", said(&signed_in));
    let refused = home.tally(&["import", "month"], &[], "");
    assert!(said(&refused).contains("group_hr"), "an administrator reads no duty: {}", said(&refused));
    let misspelt = home.tally(&["user", "create", "hr", "--role", "hr_group", "--password-file", "-"], &[], PASSWORD);
    assert!(misspelt.status.code() == Some(64) && said(&misspelt).contains("group_hr"), "{}", said(&misspelt));
    let nowhere = home.tally(&["user", "create", "hr", "--role", "auditor", "--password-file", "nope"], &[], "");
    assert!(nowhere.status.code() == Some(64) && said(&nowhere).contains("--password-file"), "{}", said(&nowhere));
    let made = home.tally(&["user", "create", "hr", "--role", "auditor", "--password-file", "-"], &[], PASSWORD);
    assert!(made.status.success() && !said(&made).contains("--token-file"), "{}", said(&made));
    a_grant_that_cannot_be_says_why(&home);
    let granted = home.tally(&["user", "grant", "hr", "group_hr"], &[], "");
    assert!(granted.status.success() && said(&granted).contains("hr has the role group_hr"), "{}", said(&granted));
    is_held_already(&home);
    fs::write(path("token"), "not.a.token\n").unwrap();
    let unknown = home.tally(&["import", "month", "--token-file", "token"], &[], "");
    let told = (unknown.status.code(), said(&unknown));
    assert_eq!(told, (Some(1), "tally: the token is not valid here: sign in again\n".to_owned()));
    assert!(home.tally(&["login", "hr"], &[], PASSWORD).status.success());
    let elsewhere = home.tally(&["import", "month"], &[], "");
    assert_eq!(elsewhere.status.code(), Some(2), "{}", said(&elsewhere));
    for told in ["it names no region for East", "branches: {\"East\": local}"] {
        assert!(said(&elsewhere).contains(told), "{told}: {}", said(&elsewhere));
    }
    fs::write(path("month").join("group.yaml"), "branches: {East: local}\n").unwrap();
    let imported = home.tally(&["import", "month", "--json"], &[], "");
    assert!(imported.status.success(), "{}{}", printed(&imported), said(&imported));
    let report: serde_json::Value = serde_json::from_str(printed(&imported)).unwrap();
    assert_eq!((&report["before"]["records"], &report["after"]["records"]), (&0.into(), &1.into()));
    assert_eq!(report["after"]["amount_minor"], 1250);
    let exported = |person: &str, file: &str| {
        let ran = home.tally(&["person", "export", person, "--out", file], &[], "");
        assert!(ran.status.success() && !said(&ran).contains("nothing told"), "{}", said(&ran));
        let text = fs::read_to_string(path(file)).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["person_id"].as_str().unwrap().to_owned()
    };
    let id = exported("1001", "by-number.json");
    assert_eq!(exported(&id, "by-id.json"), id);
    let nobody = home.tally(&["person", "export", "1002", "--out", "nobody.json"], &[], "");
    assert!(!nobody.status.success() && said(&nobody).contains("1002"), "{}", said(&nobody));
    assert!(home.tally(&["login", "admin"], &[], PASSWORD).status.success());
    let misspelt = home.tally(&["user", "grant", "hr", "supervisor", "--unit", "East/Desc"], &[], "");
    assert!(said(&misspelt).contains("is East/Desk meant?"), "{}", said(&misspelt));
    let granted = home.tally(&["user", "grant", "hr", "supervisor", "--unit", "East/Desk"], &[], "");
    assert!(granted.status.success(), "{}", said(&granted));
    // A branch's own login is made in one command, and one that names no branch says how.
    for (unit, code, part) in [(&[][..], 64, "name it with --unit"), (&["--unit", "East"], 0, "the role branch_hr")] {
        let create = [&["user", "create", "east", "--role", "branch_hr", "--password-file", "-"], unit].concat();
        let made = home.tally(&create, &[], PASSWORD);
        assert!(made.status.code() == Some(code) && said(&made).contains(part), "{}", said(&made));
    }
    a_branch_is_told_of_what_it_is_not_told(&home);
}

/// A service says as much of somebody of whom it holds nothing as of what is out of reach: that is told, and not as nothing.
fn a_branch_is_told_of_what_it_is_not_told(home: &Home) {
    assert!(home.tally(&["login", "east"], &[], PASSWORD).status.success());
    let ran = home.tally(&["person", "export", "1001", "--out", "east.json"], &[], "");
    assert!(said(&ran).contains("nothing told by attendance, performance, compensation, talent: "), "{}", said(&ran));
}

/// A role, a login or a place that is not there is told in both languages.
fn a_grant_that_cannot_be_says_why(home: &Home) {
    for (args, code, en, zh) in [
        (["user", "grant", "hr", "hr_group"], 64, "there is no role hr_group", "没有角色 hr_group"),
        (["user", "grant", "hl", "group_hr"], 1, "no login hl that you may see", "hl"),
        (["user", "grant", "hr", "supervisor"], 64, "name it with --unit", "请用 --unit 指定"),
    ] {
        for (lang, part) in [("en_US.UTF-8", en), ("zh_CN.UTF-8", zh)] {
            let refused = home.tally(&args, &[("LANG", lang)], "");
            assert!(refused.status.code() == Some(code) && said(&refused).contains(part), "{}", said(&refused));
        }
    }
}

/// A role is given once; who gives it again is told so.
fn is_held_already(home: &Home) {
    for (lang, part) in
        [("en", "hr has the role group_hr there already"), ("zh-CN", "hr 在该范围内本来就具有角色 group_hr")]
    {
        let again = home.tally(&["--lang", lang, "user", "grant", "hr", "group_hr"], &[], "");
        assert!(again.status.success() && said(&again).contains(part), "{}", said(&again));
        assert!(!said(&again).contains("0-"), "no ids: {}", said(&again));
    }
}

#[test]
fn a_store_that_is_served_is_nobody_elses_until_the_process_is_gone() {
    let mut suite = Suite::start(&[]);
    let url = format!("sqlite://{}/{{service}}.db", suite.data.path().display());
    let others = [&SERVE[..], &["migrate"], &["init", "--name", "Another group"]];
    for args in others {
        let refused = run(program().args(args).env("TALLY_DATABASE_URL", &url), PASSWORD);
        assert_eq!(refused.status.code(), Some(1), "{args:?} {}", said(&refused));
        assert!(said(&refused).contains("another tally process is at work on the data in"), "{}", said(&refused));
        let chinese =
            run(program().args(args).envs([("TALLY_DATABASE_URL", url.as_str()), ("LANG", "zh_CN.UTF-8")]), PASSWORD);
        assert!(said(&chinese).contains("另一个 tally 进程"), "{}", said(&chinese));
    }
    // No signal that could be handled: the lock is the operating system's.
    let _killed = (suite.process.kill(), suite.process.wait());
    let migrated = run(program().arg("migrate").env("TALLY_DATABASE_URL", &url), "");
    assert!(migrated.status.success(), "{}", said(&migrated));
}

#[test]
fn a_store_does_not_start_with_other_keys_than_its_own_and_is_whole_when_they_are_back() {
    let mut suite = Suite::start(&[]);
    let _killed = (suite.process.kill(), suite.process.wait());
    let url = format!("sqlite://{}/{{service}}.db", suite.data.path().display());
    let (own, kept) = (suite.data.path().join("keys/seal.key"), suite.data.path().join("kept.key"));
    fs::rename(&own, &kept).expect("the keys put away");
    for (lang, sentence) in [
        ("en", "are not those that the data of identity was written with"),
        ("zh_CN", "不是写入 identity 数据时所用的密钥"),
    ] {
        let refused = run(program().args(SERVE).envs([("TALLY_DATABASE_URL", url.as_str()), ("LANG", lang)]), "");
        assert!(!refused.status.success());
        assert!(said(&refused).contains(sentence), "{}", said(&refused));
        assert!(!own.exists(), "a start that is refused leaves no key behind");
    }
    fs::rename(&kept, &own).expect("the keys put back");
    let verified = run(program().args(["audit", "verify"]).env("TALLY_DATABASE_URL", &url), "");
    assert!(verified.status.success(), "{}", said(&verified));
}

#[test]
fn a_store_that_lost_its_data_is_not_begun_anew_and_is_whole_when_it_is_back() {
    let mut suite = Suite::start(&[]);
    let _killed = (suite.process.kill(), suite.process.wait());
    let (data, url) = (suite.data.path(), format!("sqlite://{}/{{service}}.db", suite.data.path().display()));
    let kept = TempDir::new().expect("a folder");
    let files = || fs::read_dir(data).expect("the data").map(|file| file.expect("a file").path());
    let of_identity = |path: &std::path::PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("identity.db"))
    };
    for file in files().filter(of_identity) {
        fs::rename(&file, kept.path().join(file.file_name().expect("a name"))).expect("it is put away");
    }
    // First the one that would come to an end by itself.
    for args in [&["init", "--name", "Again"][..], &SERVE] {
        for (lang, sentence) in [("en", "the store of identity is empty, yet"), ("zh_CN", "identity 的数据存储是空的")]
        {
            let refused =
                run(program().args(args).envs([("TALLY_DATABASE_URL", url.as_str()), ("LANG", lang)]), PASSWORD);
            assert!(!refused.status.success() && said(&refused).contains(sentence), "{}", said(&refused));
            let named = said(&refused).contains("TALLY_DATABASE_URL") && !said(&refused).contains("database.url");
            assert!(named, "what was written is named: {}", said(&refused));
        }
    }
    let nowhere = "sqlite:///dev/null/data/{service}.db";
    let refused = run(program().args(["init", "--name", "Again"]).env("TALLY_DATABASE_URL", nowhere), PASSWORD);
    assert!(said(&refused).contains("name another one in TALLY_DATABASE_URL"), "{}", said(&refused));
    for file in files().filter(of_identity) {
        fs::remove_file(file).expect("what the refused starts left");
    }
    for file in fs::read_dir(kept.path()).expect("what was kept") {
        let file = file.expect("a file");
        fs::copy(file.path(), data.join(file.file_name())).expect("it is put back");
    }
    let verified = run(program().args(["audit", "verify"]).env("TALLY_DATABASE_URL", &url), "");
    assert!(verified.status.success(), "{}", said(&verified));
}

#[test]
fn a_certificate_with_another_key_is_told_as_that_with_its_cure() {
    let (suite, home) = (Suite::mutual(), Home::new());
    let (server, ca) = (suite.at("https"), tls("authority.pem"));
    let (certificate, key) = (tls("client.pem"), tls("stranger.key"));
    let args =
        ["login", "admin", "--server", &server, "--ca", &ca, "--client-cert", &certificate, "--client-key", &key];
    for (lang, sentence) in
        [("en", "the certificate and the private key do not belong together"), ("zh_CN", "证书与私钥不成对")]
    {
        let refused = home.tally(&args, &[("LANG", lang)], PASSWORD);
        assert!(!refused.status.success());
        assert!(said(&refused).contains(sentence) && !said(&refused).contains("KeyMismatch"), "{}", said(&refused));
        let data = TempDir::new().expect("a folder");
        let url = format!("sqlite://{}/{{service}}.db", data.path().display());
        let (own, others) = (tls("server.pem"), tls("client.key"));
        let settings = [("TALLY_SERVER_TLS_CERTIFICATE", own.as_str()), ("TALLY_SERVER_TLS_KEY", &others)];
        let serve = home.tally(&SERVE, &[&settings[..], &[("TALLY_DATABASE_URL", &url), ("LANG", lang)]].concat(), "");
        let told = if lang == "en" { "does not belong to the certificate" } else { "不成对" };
        assert!(said(&serve).contains(told) && serve.status.code() == Some(64), "{}", said(&serve));
    }
}

#[test]
fn a_certificate_of_a_caller_that_is_out_of_date_is_told_as_that() {
    let suite = Suite::start(&[
        ("TALLY_SERVER_TLS_CERTIFICATE", "server.pem"),
        ("TALLY_SERVER_TLS_KEY", "server.key"),
        ("TALLY_SERVER_TLS_AUTHORITY", "over.pem"),
    ]);
    let (home, server, ca) = (Home::new(), suite.at("https"), tls("authority.pem"));
    let (certificate, key) = (tls("over.pem"), tls("over.key"));
    let args =
        ["login", "admin", "--server", &server, "--ca", &ca, "--client-cert", &certificate, "--client-key", &key];
    for (lang, sentence) in [("en", "is out of date"), ("zh_CN", "不在有效期内")] {
        let refused = home.tally(&args, &[("LANG", lang)], PASSWORD);
        assert!(!refused.status.success());
        let told = said(&refused);
        assert!(told.contains(sentence) && told.contains("--client-cert") && !told.contains("alert"), "{told}");
    }
}

#[test]
fn a_permission_that_is_none_is_told_once_and_in_the_readers_language() {
    let (suite, home) = (Suite::start(&[]), Home::new());
    let signed_in = home.tally(&["login", "admin", "--server", &suite.at("http")], &[], PASSWORD);
    assert!(signed_in.status.success(), "{}", said(&signed_in));
    let wrong = ["access", "review", "no.such.permission"];
    for (lang, sentence) in [("en", "is not a permission of this version"), ("zh_CN.UTF-8", "权限")] {
        let refused = home.tally(&wrong, &[("LANG", lang)], "");
        assert_eq!(refused.status.code(), Some(64));
        let told = said(&refused);
        let problem = told.lines().find(|line| line.starts_with("tally: ")).expect("a sentence");
        assert_eq!(told.matches("no.such.permission").count(), 1, "{told}");
        assert!(problem.contains(sentence), "{told}");
        assert!(lang == "en" || !problem.contains("not"), "{told}");
    }
}
