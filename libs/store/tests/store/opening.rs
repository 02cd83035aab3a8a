//! A store that cannot be opened says what is in the way, where, and what to do; never the password of its URL.

use std::fs;

use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};
use tally_kernel::{Error, Kind, Locale};
use tally_store::{Keys, Migrations, OwnerUrl, Store, StoreConfig};

use crate::databases::{Backend, TestStore, database_on};
use crate::on_both;
use crate::pgbouncer::PgBouncer;
use crate::postgres::Server;
use crate::sample::{self, SERVICE};

const PASSWORD: &str = "geheim-7";

async fn refused(url: &str, migrations: Migrations) -> Error {
    Store::open(StoreConfig::new(url, SERVICE, Keys::ephemeral()), migrations).await.expect_err(url)
}

/// The reason, and that both languages say these words and not the password.
fn told(error: &Error, reason: &str, words: &[&str]) {
    assert_eq!(error.reason(), reason, "{error:?}");
    for locale in [Locale::En, Locale::ZhCn] {
        let sentence = tally_i18n::sentence(locale, error);
        assert!(words.iter().all(|word| sentence.contains(word)), "{sentence}");
        assert!(!format!("{sentence}{error:?}").contains(PASSWORD), "{sentence} {error:?}");
    }
    assert!(!tally_i18n::sentence(Locale::ZhCn, error).is_ascii());
}

fn with_parameter(url: &str, parameter: &str) -> String {
    format!("{url}{}{parameter}", if url.contains('?') { '&' } else { '?' })
}

#[tokio::test]
async fn a_url_that_cannot_be_read_is_told_without_its_password() {
    let odd = format!("postgres://tally_sample:{PASSWORD}/half@host:port/tally");
    told(&refused(&odd, sample::migrations).await, "DATABASE_URL_INVALID", &["database.url", "%2F"]);
    let owner = Store::migrate(&odd, SERVICE, None, sample::migrations).await.unwrap_err();
    told(&owner, "DATABASE_URL_INVALID", &["database.owner_url"]);
    let file = refused("sqlite://a folder/{service}.db", sample::migrations).await;
    told(&file, "DATABASE_URL_INVALID", &["sqlite:///"]);
}

#[tokio::test]
async fn a_server_that_nobody_reaches_is_told_with_its_address_and_why() {
    for (at, words) in [
        ("nowhere.invalid/tally", ["nowhere.invalid:5432", "database.url"]),
        ("localhost/tally?host=/nowhere/at/all", ["/nowhere/at/all", "database.url"]),
        ("127.0.0.1:1/tally", ["127.0.0.1:1", "database.url"]),
    ] {
        let away = refused(&format!("postgres://tally_{{service}}:{PASSWORD}@{at}"), sample::migrations).await;
        told(&away, "STORE_AWAY", &words);
        assert_eq!(away.kind(), Kind::Unavailable);
        assert!(!tally_i18n::sentence(Locale::ZhCn, &away).contains("says"), "{away:?}");
    }
}

#[tokio::test]
async fn whom_the_server_does_not_let_in_is_told_role_and_database() {
    let server = Server::of_its_own("doors");
    let db = database_on(server, &[(SERVICE, sample::migrations)]).await;
    let owner = Database::connect(db.owner_url()).await.unwrap();
    let file: String = {
        let row = owner.query_one_raw(Statement::from_string(DbBackend::Postgres, "SHOW hba_file")).await;
        row.unwrap().unwrap().try_get_by_index(0).unwrap()
    };
    let rules = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("local all guarded scram-sha-256\nlocal all shut_out reject\n{rules}")).unwrap();
    let roles = "CREATE ROLE guarded LOGIN PASSWORD 'another'; CREATE ROLE shut_out LOGIN; CREATE ROLE poor LOGIN";
    owner.execute_unprepared(roles).await.unwrap();
    owner.execute_unprepared("SELECT pg_reload_conf()").await.unwrap();
    let url = |role: &str| db.url(&format!("{role}:{PASSWORD}"));
    // The server reads its rules a moment after it was told to.
    let mut wrong = refused(&url("guarded"), sample::migrations).await;
    while wrong.reason() != "STORE_SIGN_IN_REFUSED" {
        wrong = refused(&url("guarded"), sample::migrations).await;
    }
    told(&wrong, "STORE_SIGN_IN_REFUSED", &["guarded", "database.url", "tally migrate"]);
    let absent = refused(&url("nobody_of_this_name"), sample::migrations).await;
    told(&absent, "STORE_SIGN_IN_REFUSED", &["nobody_of_this_name", "tally migrate"]);
    let by_rule = refused(&url("shut_out"), sample::migrations).await;
    told(&by_rule, "STORE_SIGN_IN_REFUSED", &["pg_hba.conf", "shut_out", "sslmode=require"]);
    let no_tls = refused(&with_parameter(&url("poor"), "sslmode=require"), sample::migrations).await;
    told(&no_tls, "STORE_TLS_FAILED", &["sslmode", "ssl = on"]);

    let elsewhere = |url: String| {
        let (head, tail) = (url.split_once("@localhost/").unwrap().0, url.split_once('?').unwrap().1);
        format!("{head}@localhost/no_such_database?{tail}")
    };
    let no_database = refused(&elsewhere(url("poor")), sample::migrations).await;
    told(&no_database, "STORE_DATABASE_MISSING", &["no_such_database", "CREATE DATABASE"]);
    let owners = Store::migrate(&elsewhere(url("poor")), SERVICE, None, sample::migrations).await.unwrap_err();
    told(&owners, "STORE_DATABASE_MISSING", &["no_such_database", "database.owner_url"]);
    let no_owner = Store::migrate(&url("poor"), SERVICE, None, sample::migrations).await.unwrap_err();
    told(&no_owner, "STORE_RIGHT_MISSING", &["poor", "database.owner_url", "CREATEROLE"]);
    assert_eq!(no_owner.kind(), Kind::InvalidArgument);
}

#[tokio::test]
async fn a_store_that_was_never_migrated_and_a_role_without_rights_are_sent_to_tally_migrate() {
    let db = TestStore::postgres("other", Vec::new).await;
    let owner = Database::connect(&db.owner_url).await.unwrap();
    let role = format!("poor_{}", std::process::id());
    owner.execute_unprepared(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let url = db.owner_url.replace("postgres://postgres@", &format!("postgres://{role}@"));
    told(&refused(&url, sample::migrations).await, "SCHEMA_BEHIND", &["sample", "tally migrate"]);
    Store::migrate(&db.owner_url, SERVICE, None, sample::migrations).await.unwrap();
    // The schema is up to date now, and this role is none of its own: to migrate again would not help.
    let another = ["sample", &role, "tally_sample", "tally_{service}", "database.url"];
    told(&refused(&url, sample::migrations).await, "DATABASE_ROLE_OF_ANOTHER", &another);
    let some = format!("GRANT USAGE ON SCHEMA sample TO {role}; GRANT SELECT ON sample.schema_migrations TO {role}");
    owner.execute_unprepared(&some).await.unwrap();
    told(&refused(&url, sample::migrations).await, "DATABASE_ROLE_OF_ANOTHER", &another);
    owner.execute_unprepared("REVOKE ALL ON sample.sealed_columns FROM tally_sample").await.unwrap();
    let own = db.owner_url.replace("postgres://postgres@", "postgres://tally_sample@");
    let poor = refused(&own, sample::migrations).await;
    told(&poor, "STORE_RIGHT_MISSING", &["tally_sample", "tally migrate"]);
    owner.execute_unprepared(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

on_both!(a_store_that_is_ahead_of_the_program_is_refused_by_opening_and_by_migrating);
async fn a_store_that_is_ahead_of_the_program_is_refused_by_opening_and_by_migrating(on: Backend) {
    let db = TestStore::on(on, SERVICE, sample::migrations).await;
    let newer = "sample_0002_badges";
    told(&refused(&db.config.url, Vec::new).await, "SCHEMA_AHEAD", &["sample", newer]);
    let migrated = Store::migrate(&db.owner_url, SERVICE, None, Vec::new).await.unwrap_err();
    told(&migrated, "SCHEMA_AHEAD", &["sample", newer]);
}

/// A store with a note, closed, and the page at which a table begins overwritten.
async fn damaged(table: &str) -> (TestStore, sea_orm::DatabaseConnection) {
    let db = sample::database(Backend::Sqlite).await;
    sample::write(&db.store, &sample::context(&db, 1), &["a"]).await;
    db.store.sequence_now().await.unwrap();
    let owner = sample::owner(&db).await;
    let number = |sql: String| {
        let asked = owner.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql));
        async move { asked.await.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap() }
    };
    let page = number(format!("SELECT rootpage FROM sqlite_master WHERE name = '{table}'")).await;
    let size = number("PRAGMA page_size".to_owned()).await;
    owner.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    let file = db.owner_url.strip_prefix("sqlite://").unwrap();
    let (from, size) = (usize::try_from((page - 1) * size).unwrap(), usize::try_from(size).unwrap());
    let mut bytes = fs::read(file).unwrap();
    bytes[from..from + size].fill(0x5a);
    fs::write(file, bytes).unwrap();
    (db, owner)
}

#[tokio::test]
async fn a_file_that_is_damaged_in_its_middle_is_told_to_callers_and_by_its_name_to_its_operator() {
    let (db, _owner) = damaged("notes").await;
    let store = db.replica().await;
    let tx = store.read(&sample::context(&db, 1)).await.unwrap();
    let refused: Error = tx.select::<sample::note::Entity>().all().await.unwrap_err().into();
    told(&refused, "STORE_DAMAGED", &["PRAGMA integrity_check"]);
    assert!(!refused.retryable() && refused.kind() == Kind::FailedPrecondition, "{refused:?}");
    assert!(!tally_i18n::sentence(Locale::En, &refused).contains(".db"), "callers are not told where data are");
    let (db, _owner) = damaged("audit").await;
    let refused = db.replica().await.verify_audit().await.unwrap_err();
    told(&refused, "STORE_FILE_DAMAGED", &["sample.db", "PRAGMA integrity_check"]);
}

#[tokio::test]
async fn a_parameter_that_a_pooler_or_the_server_does_not_take_is_a_wrong_setting() {
    let db = sample::database(Backend::Postgres).await;
    let pooler = PgBouncer::before(&db.config.url, "tally_sample", 2);
    for url in [pooler.url(&db.config.url), db.config.url.clone()] {
        let refused = refused(&with_parameter(&url, "options[no_such_parameter]=1"), sample::migrations).await;
        told(&refused, "STORE_PARAMETER_REFUSED", &["database.url", "ignore_startup_parameters", "parameter"]);
        assert_eq!(refused.kind(), Kind::InvalidArgument);
    }
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_told_as_that() {
    let db = database_on(Server::of_its_own("reader"), &[(SERVICE, sample::migrations)]).await;
    let owner = Database::connect(db.owner_url()).await.unwrap();
    owner.execute_unprepared("ALTER ROLE tally_sample SET default_transaction_read_only = on").await.unwrap();
    let url = db.url("tally_{service}");
    let store = Store::open(StoreConfig::new(url, SERVICE, Keys::ephemeral()), sample::migrations).await.unwrap();
    let refused = store.sequence_now().await;
    assert!(refused.is_ok(), "nothing is written where nothing is pending: {refused:?}");
    let files = TestStore::sqlite(SERVICE, sample::migrations).await;
    let ctx = sample::context(&files, 1);
    let work = sample::unit_of(&store, &ctx).await;
    let refused: Error = work.insert(sample::row(&ctx, "a")).await.unwrap_err().into();
    told(&refused, "STORE_READ_ONLY", &["SQLite"]);
    assert!(refused.retryable());
}

#[tokio::test]
async fn a_database_with_somebodys_data_is_refused_where_an_empty_one_is_needed() {
    let db = sample::database(Backend::Postgres).await;
    let flag = |url| OwnerUrl { url, setting: Some("--database") };
    Store::refuse_used(flag(&db.owner_url), &[SERVICE]).await.unwrap();
    sample::write(&db.store, &sample::context(&db, 1), &["a"]).await;
    let used = Store::refuse_used(flag(&db.owner_url), &["other", SERVICE]).await.unwrap_err();
    told(&used, "DATABASE_IN_USE", &["sample", "--database", "CREATE DATABASE"]);
    Store::refuse_used(flag(&db.owner_url), &["other"]).await.unwrap();
    for wrong in ["sqlite://x", "nonsense", "postgres://a@host:port/x"] {
        let unread = Store::refuse_used(flag(wrong), &[SERVICE]).await.unwrap_err();
        told(&unread, "DATABASE_URL_INVALID", &["--database", "postgres://"]);
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_or_cannot_be_written_is_told_by_its_name() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    fs::write(path("text.db"), "This is a letter and no database. ".repeat(40)).unwrap();
    told(
        &refused(&format!("sqlite://{}", path("text.db")), sample::migrations).await,
        "STORE_FILE_DAMAGED",
        &["text.db"],
    );
    fs::create_dir(path("folder.db")).unwrap();
    told(
        &refused(&format!("sqlite://{}", path("folder.db")), sample::migrations).await,
        "STORE_FILE_UNUSABLE",
        &["folder.db"],
    );
    let gone = refused(&format!("sqlite://{}", path("no/such/folder.db")), sample::migrations).await;
    told(&gone, "STORE_FILE_UNUSABLE", &["no/such/folder.db"]);

    let whole = format!("sqlite://{}", path("whole.db"));
    let open = |url: String| Store::open(StoreConfig::new(url, SERVICE, Keys::ephemeral()), sample::migrations);
    drop(open(whole.clone()).await.unwrap());
    let read_only = refused(&format!("{whole}?mode=ro"), sample::migrations).await;
    told(&read_only, "STORE_FILE_UNUSABLE", &["whole.db", "mode=ro"]);
    let mut torn = fs::read(path("whole.db")).unwrap();
    torn.iter_mut().skip(100).for_each(|byte| *byte = 0x5a);
    fs::write(path("torn.db"), torn).unwrap();
    told(
        &refused(&format!("sqlite://{}", path("torn.db")), sample::migrations).await,
        "STORE_FILE_DAMAGED",
        &["torn.db"],
    );
}

#[tokio::test]
async fn a_schema_that_is_taken_away_leaves_a_database_in_which_another_store_begins() {
    let db = sample::database(Backend::Postgres).await;
    let url = db.owner_url.as_str();
    sample::write(&db.store, &sample::context(&db, 1), &["a"]).await;
    Store::refuse_used(url, &[SERVICE]).await.unwrap_err();
    Store::discard(url, SERVICE).await.unwrap();
    Store::refuse_used(url, &[SERVICE]).await.unwrap();
    let made = Store::migrate(url, SERVICE, None, sample::migrations).await.unwrap();
    assert!(!made.is_empty() && Store::migrate(url, SERVICE, None, sample::migrations).await.unwrap().is_empty());
    Store::discard(url, "other").await.unwrap();
}
