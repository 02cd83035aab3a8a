//! A start that is refused: which setting or which file, what to do, in the reader's language, with the code that the README
//! gives; and nothing is left behind by it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tally_store::orm::{ConnectionTrait as _, Database};
use tempfile::TempDir;

mod tls;

use tls::tls;

/// The command line or a setting is wrong.
const SETTING: i32 = 64;
/// Something else is.
const FAILED: i32 = 1;
const SECRET: &str = "geheim-7";

/// What a command says in English and in Chinese when it is refused with this code; it never says the secret.
#[track_caller]
fn refused(folder: &Path, args: &[&str], code: i32) -> [String; 2] {
    ["C.UTF-8", "zh_CN.UTF-8"].map(|language| {
        let output = tally(folder, args, language);
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(output.stdout.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(said.starts_with("tally: ") && !said.contains(SECRET), "{args:?}: {said}");
        said
    })
}

fn tally(folder: &Path, args: &[&str], language: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    command.env_clear().env("LANG", language).current_dir(folder).args(args);
    command.output().expect("the binary runs")
}

#[track_caller]
fn says([english, chinese]: &[String; 2], in_english: &str, in_chinese: &str, in_both: &[&str]) {
    assert!(english.contains(in_english), "{english}");
    assert!(chinese.contains(in_chinese), "{chinese}");
    for told in [english, chinese] {
        assert!(in_both.iter().all(|word| told.contains(word)), "{told}");
    }
}

fn serve<'a>(sets: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    args.extend(sets.iter().flat_map(|set| ["--set", set]));
    args
}

#[test]
fn a_database_that_is_away_is_told_with_its_address_by_serve_and_migrate() {
    let folder = TempDir::new().expect("a folder");
    let url = format!("database.url=postgres://tally_{{service}}:{SECRET}@nowhere.invalid/tally");
    let told = refused(folder.path(), &serve(&[&url]), FAILED);
    says(&told, "no host has this name", "没有这个主机名", &["nowhere.invalid:5432", "database.url"]);
    let owner = format!("database.owner_url=postgres://owner:{SECRET}@nowhere.invalid/tally");
    let told = refused(folder.path(), &["migrate", "--set", &url, "--set", &owner], FAILED);
    says(&told, "no host has this name", "没有这个主机名", &["nowhere.invalid:5432", "database.owner_url"]);
}

#[test]
fn a_database_url_that_cannot_be_read_is_a_wrong_setting() {
    let folder = TempDir::new().expect("a folder");
    let url = format!("database.url=postgres://tally_{{service}}:{SECRET}/a@host:port/tally");
    says(&refused(folder.path(), &serve(&[&url]), SETTING), "cannot be read", "无法识别", &["database.url", "%40"]);
}

#[test]
fn a_damaged_file_is_told_by_every_command_that_opens_it() {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("tally-data")).expect("a folder");
    fs::write(folder.path().join("tally-data/identity.db"), "no database. ".repeat(99)).expect("a file");
    for args in
        [&serve(&[])[..], &["migrate"], &["serve", "--sample", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]]
    {
        let told = refused(folder.path(), args, FAILED);
        says(&told, "put it back from your backup", "请从备份恢复", &["tally-data/identity.db"]);
    }
}

#[test]
fn a_folder_of_data_that_cannot_be_made_or_written_is_told_with_what_to_do() {
    let folder = TempDir::new().expect("a folder");
    let told = refused(folder.path(), &serve(&["database.url=sqlite:///proc/nowhere/{service}.db"]), SETTING);
    says(
        &told,
        "name another one in database.url",
        "或在 database.url 中指定其他文件夹",
        &["/proc/nowhere", "database.url"],
    );
    // Where the lock of a store should be there is a folder.
    fs::create_dir_all(folder.path().join("data/attendance.db.lock")).expect("a folder");
    let told = refused(folder.path(), &serve(&["database.url=sqlite://data/{service}.db"]), SETTING);
    says(&told, "it is a folder", "它是文件夹", &["attendance.db.lock", "database.url"]);
}

#[test]
fn certificates_that_a_server_cannot_show_are_told_before_it_serves_with_setting_and_file() {
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("no.pem"), "nothing").expect("a file");
    let (own, key) = (tls("server.pem"), tls("server.key"));
    fs::write(path("open.key"), fs::read(&key).expect("a key")).expect("a file");
    fs::set_permissions(path("no.pem"), fs::Permissions::from_mode(0o600)).expect("a mode");
    fs::set_permissions(path("open.key"), fs::Permissions::from_mode(0o644)).expect("a mode");
    let (over, overs, open) = (tls("over.pem"), tls("over.key"), path("open.key"));
    let (nothing, nowhere, others) = (path("no.pem"), path("nowhere.pem"), tls("client.key"));
    let settings = |certificate: &str, key: &str, authority: &str| {
        [("certificate", certificate), ("key", key), ("authority", authority)]
            .map(|(name, file)| format!("server.tls_{name}={file}"))
    };
    for (three, setting, file, english, chinese) in [
        (settings(&nowhere, &key, ""), "server.tls_certificate", &nowhere, "it is not there", "不存在"),
        (settings(&own, &nowhere, ""), "server.tls_key", &nowhere, "it is not there", "不存在"),
        (settings(&nothing, &key, ""), "server.tls_certificate", &nothing, "no certificate", "没有可读取的证书"),
        (settings(&own, &nothing, ""), "server.tls_key", &nothing, "no private key", "没有可读取的私钥"),
        (settings(&own, &others, ""), "server.tls_key", &others, "does not belong to", "不成对"),
        (settings(&own, &open, ""), "server.tls_key", &open, "type chmod 600", "chmod 600"),
        (settings(&over, &overs, ""), "server.tls_certificate", &over, "good until 2025-02-01", "有效期至 2025-02-01"),
        (settings(&own, &key, &nowhere), "server.tls_authority", &nowhere, "it is not there", "不存在"),
        (settings(&own, &key, &nothing), "server.tls_authority", &nothing, "no certificate", "没有可读取的证书"),
        (settings("", "", &own), "server.tls_authority", &"server.tls_key".to_owned(), "no TLS", "不使用 TLS"),
    ] {
        let told = refused(folder.path(), &serve(&three.each_ref().map(String::as_str)), SETTING);
        says(&told, english, chinese, &[setting, file]);
    }
}

#[test]
fn settings_that_cannot_hold_are_named_as_they_are_written_and_end_with_64() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("bad.toml"), "[server]\nlisten = nowhere\n").expect("a file");
    fs::write(folder.path().join("a file"), "").expect("a file");
    let database = format!("database.url=postgres://tally_{{service}}:{SECRET}@127.0.0.1:1/tally");
    let redis = format!("redis.url=http://:{SECRET}@host");
    let here = serve(&[]);
    let with = |sets: &[&'static str]| [&here[..], sets].concat();
    for (args, english, chinese, both) in [
        (serve(&["servre=1"]), "there is no such setting", "没有这个设置", "servre"),
        (serve(&["telemetry.level=debug"]), "there is no such setting", "没有这个设置", "telemetry.level"),
        (serve(&["telemetry.log=[["]), "neither a level", "既不是级别", "telemetry.log"),
        (serve(&["telemetry.log=inof"]), "neither a level", "既不是级别", "inof"),
        (serve(&["audit.heads_directory=a file"]), "signed heads", "签名链头", "audit.heads_directory"),
        (serve(&[&redis]), "is expected", "应为 redis://", "redis.url"),
        (with(&["--config", "bad.toml"]), "from line 2", "自第 2 行", "bad.toml"),
        (with(&["--set", "a"]), "expected KEY=VALUE", "应为 KEY=VALUE", "--set a"),
        (vec!["migrate", "--set", &database], "made by their owner", "由其所有者创建", "database.owner_url"),
        (vec!["keys", "rotate-signing", "nope"], "no service is called", "没有名为", "nope"),
    ] {
        let told = refused(folder.path(), &args, SETTING);
        says(&told, english, chinese, &[both]);
        assert!(!told[0].contains("servre.servre") && !told[0].contains("level.level"), "{}", told[0]);
    }
}

#[test]
fn a_key_file_that_is_missing_or_open_to_others_is_told_and_nobody_is_sent_to_make_new_keys() {
    let folder = TempDir::new().expect("a folder");
    let keys = folder.path().join("tally-data/keys");
    fs::create_dir_all(&keys).expect("a folder");
    let missing = refused(folder.path(), &["audit", "verify"], SETTING);
    says(&missing, "there is no key file", "没有密钥文件", &["seal.key", "keys.directory"]);
    let file = keys.join("seal.key");
    fs::write(&file, "tally-keys 2\n").expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a mode");
    let open = refused(folder.path(), &serve(&[]), SETTING);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    let malformed = refused(folder.path(), &serve(&[]), FAILED);
    says(&malformed, "Put it back from your backup", "请从备份恢复", &["seal.key", "wrap"]);
    for told in [missing, open, malformed].concat() {
        assert!(!told.contains("tally init") && !told.contains("keys make"), "{told}");
    }
}

#[test]
fn an_authority_that_did_not_sign_the_certificate_is_told_where_peers_go_by_it() {
    let folder = TempDir::new().expect("a folder");
    let named = |name: &str, file: String| format!("server.tls_{name}={file}");
    let files = [
        named("certificate", tls("server.pem")),
        named("key", tls("server.key")),
        named("authority", tls("stranger.pem")),
        "server.services=identity".to_owned(),
        "peers.talent=https://localhost:1".to_owned(),
    ];
    let told = refused(folder.path(), &serve(&files.each_ref().map(String::as_str)), SETTING);
    let both = ["server.tls_authority", "stranger.pem", "server.pem", "peers"];
    says(&told, "is not signed by the authority", "不是由", &both);
}

#[test]
fn a_signing_key_that_is_damaged_is_told_with_its_cure() {
    let folder = TempDir::new().expect("a folder");
    made(folder.path());
    let file = folder.path().join("tally-data/keys/identity.key");
    let whole = fs::read(&file).expect("a key");
    let cut = &whole[..whole.len() / 2];
    for bytes in [&b""[..], cut, b"AAAA\n", b"garbage", &[0xff, 0xfe, 0x80, 0x0a], &[&whole[..], cut].concat()] {
        fs::write(&file, bytes).expect("a file");
        let told = refused(folder.path(), &serve(&[]), FAILED);
        let both = ["tally-data/keys/identity.key", "keys.directory", ".pub"];
        says(&told, "Put it back from your backup", "请从备份恢复", &both);
        says(&told, "move it away", "请移走它", &[]);
    }
    fs::write(&file, &whole).expect("a file");
    fs::write(file.with_extension("pub"), "garbage").expect("a file");
    fs::write(folder.path().join("tally-data/keys/talent.pub"), "garbage").expect("a file");
    fs::create_dir(folder.path().join("tally-data/keys/other.pub")).expect("a folder");
    let public = refused(folder.path(), &serve(&[]), FAILED);
    says(&public, "Copy it again from the service", "请重新从该密钥所属的服务复制", &["other.pub"]);
}

#[test]
fn a_public_key_that_is_not_that_of_the_private_one_beside_it_is_told() {
    let (folder, other) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    for folder in [&folder, &other] {
        made(folder.path());
    }
    let file = folder.path().join("tally-data/keys/identity.pub");
    fs::copy(other.path().join("tally-data/keys/identity.pub"), &file).expect("a file");
    let foreign = refused(folder.path(), &serve(&[]), FAILED);
    says(&foreign, "does not belong to the key", "不属于", &["identity.pub", "identity.key"]);
}

/// A group in the folder's store.
fn made(folder: &Path) {
    let mut init = Command::new(env!("CARGO_BIN_EXE_tally"));
    init.env_clear().current_dir(folder).args(["init", "--name", "A group"]).stdout(Stdio::null());
    let mut init = init.stdin(Stdio::piped()).spawn().expect("the binary runs");
    init.stdin.take().expect("its input").write_all(b"correct horse battery\n").expect("written");
    assert!(init.wait().expect("its end").success());
}

#[tokio::test]
async fn a_store_that_is_damaged_in_its_middle_is_told_by_file_with_its_cure() {
    let folder = TempDir::new().expect("a folder");
    made(folder.path());
    let file = folder.path().join("tally-data/identity.db");
    // What waits in the log beside it would hide the damage.
    let owner = Database::connect(format!("sqlite://{}", file.display())).await.expect("a database");
    owner.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("a file that is whole by itself");
    owner.close().await.expect("its end");
    let whole = fs::read(&file).expect("a database");
    let tear = |torn: &[u8]| {
        for end in ["-wal", "-shm"] {
            drop(fs::remove_file(format!("{}{end}", file.display())));
        }
        fs::write(&file, torn).expect("a file");
    };
    // Each sixteenth by itself: some are met at the start, others not before the log is read.
    let part = whole.len() / 16;
    let mut damaged = Vec::new();
    for from in (1..16).map(|n| n * part) {
        let mut torn = whole.clone();
        torn[from..from + part].fill(0x5a);
        tear(&torn);
        let output = tally(folder.path(), &["audit", "verify"], "C.UTF-8");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(!said.contains("something went wrong"), "{from}: {said}");
        if output.status.code() == Some(FAILED) && said.contains("is damaged") {
            damaged.push(torn);
        }
    }
    assert!(damaged.len() > 3, "most of the file is read: {}", damaged.len());
    for torn in damaged {
        tear(&torn);
        let told = refused(folder.path(), &["audit", "verify"], FAILED);
        says(
            &told,
            "put it back from your backup",
            "请从备份恢复",
            &["tally-data/identity.db", "PRAGMA integrity_check"],
        );
    }
}

#[test]
fn a_url_that_services_would_share_is_a_wrong_setting_that_leaves_nothing_behind() {
    let folder = TempDir::new().expect("a folder");
    let role = format!("database.url=postgres://tally_identity:{SECRET}@127.0.0.1:1/tally");
    let host = format!("database.url=postgres://tally:{SECRET}@127.0.0.1:1/tally?application_name={{service}}");
    for (url, english, chinese) in [
        ("database.url=sqlite://x", "every service has a file of its own", "每个服务使用自己的文件"),
        ("database.url=sqlite:///data/x.db", "every service has a file of its own", "每个服务使用自己的文件"),
        (role.as_str(), "every service signs in as a role of its own", "每个服务以自己的角色登录"),
        (host.as_str(), "every service signs in as a role of its own", "每个服务以自己的角色登录"),
    ] {
        for args in [&serve(&[url])[..], &["migrate", "--set", url], &["init", "--name", "A group", "--set", url]] {
            let told = refused(folder.path(), args, SETTING);
            says(&told, english, chinese, &["database.url", "{service}"]);
        }
    }
    assert_eq!(names_in(folder.path()), [""; 0]);
}

fn names_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_start_that_is_refused_leaves_nothing_behind() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").to_string();
    let folder = TempDir::new().expect("a folder");
    let told = refused(folder.path(), &["serve", "--listen", &port], FAILED);
    says(&told, "another program listens there", "另一个程序正在监听", &[&port]);
    assert_eq!(names_in(folder.path()), [""; 0]);
    // The last of the stores is no store: those before it are made in vain.
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder");
    fs::write(data.join("talent.db"), "no database. ".repeat(99)).expect("a file");
    let url = "database.url=sqlite://data/{service}.db";
    refused(folder.path(), &serve(&[url]), FAILED);
    assert_eq!(names_in(&data), ["talent.db"]);
}

#[test]
fn what_the_user_wrote_the_url_into_is_named() {
    let folder = TempDir::new().expect("a folder");
    for (language, args) in [("C.UTF-8", &serve(&[])[..]), ("zh_CN.UTF-8", &["migrate"])] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
        let url = format!("postgres://tally_{{service}}:{SECRET}@127.0.0.1:1/tally");
        command.env_clear().env("LANG", language).env("TALLY_DATABASE_URL", &url).env("TALLY_DATABASE_OWNER_URL", url);
        let output = command.current_dir(folder.path()).args(args).output().expect("the binary runs");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        let named = if args == ["migrate"] { "TALLY_DATABASE_OWNER_URL" } else { "TALLY_DATABASE_URL" };
        assert!(said.contains(named) && said.contains("127.0.0.1:1") && !said.contains("database."), "{said}");
    }
}

#[test]
fn a_manifest_that_is_none_is_told_in_the_readers_language() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("manifest.json"), "{\n  nothing").expect("a file");
    let told = refused(folder.path(), &["replay", "."], 2);
    says(&told, "is not what tally writes", "不是 tally 写出的内容", &["manifest.json"]);
    assert!(!told[1].contains("expected"), "{}", told[1]);
}

#[test]
fn a_folder_that_is_no_result_and_a_manifest_that_names_files_wrongly_are_told() {
    let folder = TempDir::new().expect("a folder");
    says(&refused(folder.path(), &["replay", "nowhere"], 2), "it is not there", "不存在", &["nowhere", "tally close"]);
    says(&refused(folder.path(), &["replay", "."], 2), "no result folder", "不是结果文件夹", &["tally close"]);
    let manifest = |results: &str| {
        let versions = r#"{"tally": "1", "policy": "2", "scheme": "s", "tzdb": "t"}"#;
        let text = format!(
            r#"{{"versions": {versions}, "language": "en", "inputs": [], "rejected": {{}}, "results": [{results}], "digest": ""}}"#
        );
        fs::write(folder.path().join("manifest.json"), text).expect("a file");
        refused(folder.path(), &["replay", "."], 2)
    };
    let named = |file: &str| format!(r#"{{"file": "{file}", "bytes": 0, "blake3": ""}}"#);
    let twice = [named("credits.csv"), named("credits.csv")].join(", ");
    says(&manifest(&twice), "names the file credits.csv twice", "出现了两次", &["manifest.json", "credits.csv"]);
    says(&manifest(&named("../x.csv")), "no file of the folder", "不是该文件夹中的文件", &["../x.csv"]);
}

/// A process that serves; it ends with the test.
struct Serving(Child);

impl Serving {
    /// What it said on its error stream in these languages up to the line that begins so, after it said that it serves.
    fn hint(folder: &Path, args: &[&str], language: &str, word: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
        command.env_clear().env("LANG", language).current_dir(folder).args(args);
        let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut serving = Self(process.expect("the binary runs"));
        let mut line = String::new();
        let stdout = serving.0.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        assert!(line.contains("http://127.0.0.1:"), "{args:?}: {line}");
        let errors = BufReader::new(serving.0.stderr.take().expect("its errors"));
        errors.lines().map_while(Result::ok).find(|line| line.contains(word)).expect("a line with the word")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _killed = (self.0.kill(), self.0.wait());
    }
}

#[test]
fn an_empty_store_is_served_with_a_word_on_what_to_type_next() {
    for (language, sentence) in [("C.UTF-8", "there is no group in this store yet"), ("zh_CN.UTF-8", "还没有集团")]
    {
        let folder = TempDir::new().expect("a folder");
        let hint = Serving::hint(folder.path(), &serve(&[]), language, "tally init");
        assert!(hint.contains(sentence), "{hint}");
    }
}

#[test]
fn a_region_of_no_group_and_a_redis_that_is_away_are_told_while_the_process_serves() {
    let folder = TempDir::new().expect("a folder");
    made(folder.path());
    let elsewhere = serve(&["server.regions=nowhere"]);
    let alone = serve(&["redis.url=redis://:geheim-7@127.0.0.1:1"]);
    for (args, word, language, sentence) in [
        (&elsewhere, "server.regions", "C.UTF-8", "(there are local)"),
        (&elsewhere, "server.regions", "zh_CN.UTF-8", "现有 local"),
        (&alone, "redis.url", "C.UTF-8", "Everything works without it"),
        (&alone, "redis.url", "zh_CN.UTF-8", "没有它一切照常"),
    ] {
        let hint = Serving::hint(folder.path(), args, language, word);
        assert!(hint.contains(sentence) && !hint.contains(SECRET), "{hint}");
    }
}
