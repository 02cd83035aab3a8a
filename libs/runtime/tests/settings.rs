//! Settings: what wins over what, what is refused, and what a dump never shows.

use std::io::Write;

use tally_runtime::config::DEFAULTS;
use tally_runtime::{Config, ConfigError, Sources};

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn with_flags(flags: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&Sources { flags: pairs(flags), ..Sources::default() })
}

fn refused(flags: &[(&str, &str)]) -> String {
    with_flags(flags).expect_err("it must be refused").to_string()
}

#[test]
fn the_defaults_hold_and_listen_on_the_loopback_only() {
    let config = Config::load(&Sources::default()).unwrap();
    assert!(config.server.listen.ip().is_loopback() && config.server.http.ip().is_loopback());
    assert_eq!(config.server.services.len(), 6, "five services, and the gateway");
    assert_eq!(config.limits(), tally_rpc::Limits::default());
}

#[test]
fn the_gateway_listens_beyond_the_loopback_only_where_the_network_encrypts() {
    let everywhere = ("server.http", "0.0.0.0:8080");
    assert!(refused(&[everywhere]).contains("speaks no TLS"));
    let knows = ("server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay", "true");
    assert!(with_flags(&[everywhere, knows]).is_ok());
    assert!(with_flags(&[everywhere, ("server.services", "talent")]).is_ok(), "it has no gateway");
}

#[test]
fn every_default_is_explained() {
    let mut explained = false;
    for line in DEFAULTS.lines().filter(|line| !line.starts_with('[')) {
        let is_setting = line.contains(" = ") && !line.starts_with('#');
        // Settings that follow each other share the comment above the first.
        assert!(!is_setting || explained, "{line}");
        explained = line.starts_with('#') || (is_setting && explained);
    }
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "[limits]\nconcurrency = 1\ncalls_per_second = 1\nfirst_answer_seconds = 1").unwrap();
    let config = Config::load(&Sources {
        file: Some(file.path().to_owned()),
        environment: pairs(&[
            ("TALLY_LIMITS_CALLS_PER_SECOND", "2"),
            ("TALLY_LIMITS_FIRST_ANSWER_SECONDS", "2"),
            ("TALLY_TEST_REDIS", "/no/setting"),
            ("HOME", "/root"),
        ]),
        flags: pairs(&[("limits.first_answer_seconds", "3")]),
    });
    let limits = config.unwrap().limits;
    assert_eq!((limits.concurrency, limits.calls_per_second, limits.first_answer_seconds), (1, 2, 3));
}

#[test]
fn lists_may_be_written_with_commas() {
    let environment = pairs(&[("TALLY_SERVER_SERVICES", "identity, talent"), ("TALLY_SERVER_REGIONS", "cn-north")]);
    let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
    assert_eq!(config.server.services, ["identity", "talent"]);
    assert!(config.regions().serve(&"cn-north".parse().unwrap()));
    assert!(!config.regions().serve(&"cn-east".parse().unwrap()));
    let environment = pairs(&[
        ("TALLY_SERVER_HTTP_PROXIES", "10.0.0.0/8, 2001:db8::1"),
        ("TALLY_SERVER_CORS_ORIGINS", "https://hr.example:8443,http://[::1]:3000"),
    ]);
    let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
    assert_eq!(config.proxies().iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "2001:db8::1/128"]);
    assert_eq!(config.server.cors_origins.len(), 2);
}

#[test]
fn a_setting_that_cannot_hold_is_named_with_its_source() {
    assert!(refused(&[("server.listen", "nowhere")]).contains("server.listen"));
    assert!(refused(&[("server.services", "payroll")]).contains("payroll"));
    assert!(refused(&[("limits.concurrency", "0")]).contains("limits.concurrency"));
    for (key, too_many) in [
        ("compute.threads", "99999999"),
        ("limits.concurrency", "9000000000000000000"),
        ("limits.first_answer_seconds", "1801"),
    ] {
        assert!(refused(&[(key, too_many)]).contains(key));
    }
    assert!(refused(&[("server.services", "identity,talent,identity")]).contains("identity is named twice"));
    assert!(refused(&[("limits.concurrency", "many")]).contains("limits.concurrency"));
    assert!(refused(&[("database.url", "mysql://x")]).contains("database.url"));
    assert!(refused(&[("server.tls_key", "only.key")]).contains("server.tls_key"));
    assert!(refused(&[("server.regions", "CN North")]).contains("server.regions"));
    assert!(refused(&[("server.http_proxies", "10.0.0.0/8,proxy")]).contains("'proxy' is no network"));
    for origin in ["hr.example", "https://hr.example/", "https://HR.example", "https://", "null"] {
        assert!(refused(&[("server.cors_origins", origin)]).contains("is no origin"), "{origin}");
    }
    let typo = pairs(&[("TALLY_DATABSE_URL", "sqlite://x")]);
    let error = Config::load(&Sources { environment: typo, ..Sources::default() }).unwrap_err();
    assert!(error.to_string().contains("databse") && error.to_string().contains("TALLY_DATABSE_URL"), "{error}");
    assert!(refused(&[("servre", "x")]).starts_with("setting servre:"));
    assert!(refused(&[("telemetry.level", "debug")]).starts_with("setting telemetry.level:"));
    assert!(refused(&[("telemetry.log", "inof")]).contains("telemetry.log"));
    assert!(refused(&[("server.tls_authority", "ca.pem")]).contains("server.tls_certificate"));
    let missing = Sources { file: Some("/no/such/file.toml".into()), ..Sources::default() };
    assert!(Config::load(&missing).unwrap_err().to_string().contains("/no/such/file.toml"));
}

#[test]
fn nothing_listens_beyond_the_loopback_in_clear_or_with_generated_keys_unless_told_so_in_plain_words() {
    let everywhere = ("server.listen", "0.0.0.0:7070");
    let certificate = [("server.tls_certificate", "a.pem"), ("server.tls_key", "a.key")];
    assert!(refused(&[everywhere]).contains("server.tls_certificate"));
    assert!(refused(&[everywhere, certificate[0], certificate[1]]).contains("keys.directory"));
    assert!(with_flags(&[everywhere, certificate[0], certificate[1], ("keys.directory", "/etc/tally/keys")]).is_ok());
    let plain = "server.i_know_this_is_plaintext_and_everybody_on_the_network_can_read_pay";
    assert!(with_flags(&[everywhere, (plain, "true")]).is_ok());
    assert!(refused(&[("server.listen", "[::]:7070")]).contains("beyond the loopback"));
}

#[test]
fn a_peer_beyond_the_loopback_is_called_over_tls_and_a_missing_one_is_named() {
    let called = |address| with_flags(&[("peers.identity", address)]).unwrap().validate_peers();
    for beyond in ["http://identity:7070", "http://10.0.0.1:7070", "http://127.0.0.1.example:80", "http://128.0.0.1:80"]
    {
        assert!(called(beyond).unwrap_err().to_string().contains("peers.identity"), "{beyond}");
    }
    for here in
        ["http://127.0.0.1:1", "http://127.0.31.1:1", "http://localhost:1", "http://[::1]:1", "https://identity:1"]
    {
        assert_eq!(called(here), Ok(()), "{here}");
    }
    assert!(refused(&[("peers.identiy", "https://identity:7070")]).contains("peers.identiy"));
    let config = with_flags(&[("peers.identity", "https://identity:7070"), ("peers.talent", "http://127.0.0.1:7071")]);
    let config = config.unwrap();
    assert_eq!(config.peer("identity"), Ok("https://identity:7070"));
    assert_eq!(config.peer("talent"), Ok("http://127.0.0.1:7071"));
    assert!(config.peer("performance").unwrap_err().to_string().contains("peers.performance"));
}

#[test]
fn a_dump_shows_everything_but_secrets_and_can_be_read_again() {
    let config = with_flags(&[
        ("database.url", "postgres://tally_{service}:hunter2@db/tally?password=hunter3"),
        ("redis.url", "rediss://:hunter4@cache:6380"),
        ("keys.passphrase", "hunter5://hunter6"),
        ("limits.concurrency", "77"),
    ]);
    let config = config.unwrap();
    let dump = config.dump().unwrap();
    assert_eq!(config.passphrase().unwrap().as_deref(), Some("hunter5://hunter6"));
    assert!(!format!("{config:?}").contains("hunter"));
    assert!(!dump.contains("hunter"), "{dump}");
    assert!(dump.contains("postgres://tally_{service}:***@db/tally"), "{dump}");
    assert!(dump.contains("concurrency = 77"), "{dump}");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{dump}").unwrap();
    let again = Config::load(&Sources { file: Some(file.path().to_owned()), ..Sources::default() }).unwrap();
    assert_eq!(again.limits.concurrency, 77);
}

#[test]
fn a_passphrase_is_taken_as_it_is_typed_or_from_its_file_but_not_from_both() {
    let environment = |pairs_of: &[(&str, &str)]| {
        Config::load(&Sources { environment: pairs(pairs_of), ..Sources::default() }).unwrap().passphrase()
    };
    assert_eq!(environment(&[]), Ok(None));
    // What looks like a number, a list or a boolean is still a text.
    for typed in ["00123", "true", "[1, 2]", " spaced ", "1e3"] {
        assert_eq!(environment(&[("TALLY_KEYS_PASSPHRASE", typed)]), Ok(Some(typed.to_owned())));
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "open sesame").unwrap();
    let path = file.path().to_str().unwrap();
    assert_eq!(environment(&[("TALLY_KEYS_PASSPHRASE_FILE", path)]), Ok(Some("open sesame".to_owned())));
    let twice = environment(&[("TALLY_KEYS_PASSPHRASE_FILE", path), ("TALLY_KEYS_PASSPHRASE", "x")]).unwrap_err();
    assert!(twice.to_string().contains("set one of them"), "{twice}");
    let missing = environment(&[("TALLY_KEYS_PASSPHRASE_FILE", "/no/such/file")]).unwrap_err();
    assert!(missing.to_string().contains("/no/such/file"), "{missing}");
}

#[test]
fn what_a_sign_in_leaves_lies_in_the_users_state_folder_unless_a_setting_says_otherwise() {
    let file = |environment: &[(&str, &str)]| {
        let config = Config::load(&Sources { environment: pairs(environment), ..Sources::default() });
        config.unwrap().client.session_file.display().to_string()
    };
    assert_eq!(file(&[]), "");
    assert_eq!(file(&[("HOME", "/home/li")]), "/home/li/.local/state/tally/session.json");
    assert_eq!(file(&[("HOME", "/home/li"), ("XDG_STATE_HOME", "/state")]), "/state/tally/session.json");
    assert_eq!(file(&[("HOME", "/home/li"), ("TALLY_CLIENT_SESSION_FILE", "/here")]), "/here");
}
