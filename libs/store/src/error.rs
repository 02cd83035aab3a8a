//! What can go wrong with a database, and how it becomes the suite's error.
//!
//! Everything of a transaction returns [`StoreError`]; `?` turns it into [`tally_kernel::Error`]. The driver's text only
//! ever becomes *internal* context. That a unique key was violated means something to the caller alone, so only the caller
//! can give it a public meaning, with the words of [`Conflict`]. Unspoken, it is a fault of ours.

use std::fmt;

use sea_orm::sqlx::Error as DriverError;
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::postgres::{PgDatabaseError, PgSeverity};
use sea_orm::{DbErr, RuntimeErr};
use tally_kernel::{Error, Kind, Message, msg};

/// The reason of errors that [`crate::Store::retry`] runs again.
pub const STORE_BUSY: &str = "STORE_BUSY";
/// The reason of errors that only a backup mends.
pub const STORE_DAMAGED: &str = "STORE_DAMAGED";

/// A failed statement or transaction.
#[derive(Debug)]
pub enum StoreError {
    /// A unique key is taken. Holds the constraint's name (PostgreSQL) or its columns (SQLite).
    Unique(String),
    /// A referenced row is missing, or a row is still referenced.
    Reference(String),
    /// Somebody else was faster: busy, deadlock, serialisation. The same unit may succeed when run again.
    Busy(String),
    /// The statement's or the caller's time is over.
    Timeout(String),
    /// The database is away.
    Unreachable(String),
    /// The database cannot be used as it is: a matter of whoever operates it, who is told so when the store is opened.
    Unusable(Obstacle, String),
    /// A refusal of this library with its own public meaning.
    Refused(Error),
    /// Anything else: a fault of ours.
    Fault(String),
}

/// What keeps a database from being used, as far as it says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The URL cannot be read.
    Url,
    /// Nobody answers, and why.
    Away(Message),
    /// No such role, or another password.
    SignIn,
    /// No rule of the server lets this role in from here.
    NoRule,
    /// The server speaks no TLS.
    NoTls,
    /// TLS fails, and why.
    Tls(Message),
    /// No such database.
    NoDatabase,
    /// The role may not do this.
    NoRight,
    /// The server or the pooler before it does not take the parameters of the connection, and what it says.
    Parameter(String),
    /// The file is no database, or a damaged one; or the server found its data damaged.
    Damaged,
    /// The file can only be read, or the server takes no writes.
    ReadOnly,
    /// The file cannot be opened.
    Unopened,
    /// The disk is full.
    Full,
    /// The disk fails.
    Disk,
}

impl StoreError {
    /// A fault of ours, told to operators only.
    pub(crate) fn fault(context: impl fmt::Display) -> Self {
        Self::Fault(context.to_string())
    }

    pub(crate) fn of_driver(error: &DriverError, text: String) -> Self {
        match error {
            DriverError::PoolTimedOut | DriverError::PoolClosed | DriverError::WorkerCrashed => Self::Unreachable(text),
            DriverError::Io(why) => Self::Unusable(Obstacle::Away(tally_i18n::io(why)), text),
            DriverError::Tls(why) => Self::Unusable(Obstacle::of_tls(&why.to_string()), text),
            // The text may hold the URL, and the URL a password.
            DriverError::Configuration(_) => Self::Unusable(Obstacle::Url, "the URL of the database".to_owned()),
            DriverError::Database(db) => {
                let code = db.code().unwrap_or_default();
                let named = || db.constraint().map_or_else(|| db.message().to_owned(), str::to_owned);
                match &*code {
                    "23505" | "2067" | "1555" => Self::Unique(named()),
                    "23503" | "787" | "3850" => Self::Reference(named()),
                    "40001" | "40P01" | "55P03" | "5" | "6" | "261" | "262" | "517" => Self::Busy(text),
                    "57014" => Self::Timeout(text),
                    "55000" => Self::Unreachable(text),
                    code => match Obstacle::of_code(code, db.as_ref()) {
                        Some(obstacle) => Self::Unusable(obstacle, text),
                        None => Self::Fault(text),
                    },
                }
            }
            _ => Self::Fault(text),
        }
    }
}

impl Obstacle {
    /// What PostgreSQL's five characters or SQLite's number mean; of the latter the lowest byte says which kind it is.
    fn of_code(code: &str, db: &dyn DatabaseError) -> Option<Self> {
        let by_rule = || {
            let of_postgres = db.try_downcast_ref::<PgDatabaseError>();
            of_postgres.and_then(PgDatabaseError::routine) == Some("ClientAuthentication")
        };
        match code {
            "28000" if by_rule() => Some(Self::NoRule),
            "28P01" | "28000" => Some(Self::SignIn),
            "3D000" => Some(Self::NoDatabase),
            "42501" => Some(Self::NoRight),
            "25006" => Some(Self::ReadOnly),
            "53100" => Some(Self::Full),
            "58030" => Some(Self::Disk),
            "XX001" | "XX002" => Some(Self::Damaged),
            // A pooler has this one code for whatever it does not like.
            "08P01" => Some(Self::of_pooler(db.message())),
            // Shut down, starting, full, out of memory, or a connection that broke.
            "57P01" | "57P02" | "57P03" | "53000" | "53200" | "53300" | "53400" => Some(Self::says(db.message())),
            class if class.len() == 5 && class.starts_with("08") => Some(Self::says(db.message())),
            code if code.len() < 5 => match code.parse::<u16>().ok()? & 0xff {
                8 => Some(Self::ReadOnly),
                10 => Some(Self::Disk),
                11 | 26 => Some(Self::Damaged),
                13 => Some(Self::Full),
                14 => Some(Self::Unopened),
                _ => None,
            },
            // The session is refused as a whole: a parameter that the server does not know, or a value that it does not take.
            "42704" | "22023" if is_fatal(db) => Some(Self::Parameter(db.message().to_owned())),
            _ => None,
        }
    }

    fn of_pooler(says: &str) -> Self {
        let is_about = |words: &[&str]| words.iter().any(|word| says.contains(word));
        if is_about(&["startup parameter", "startup options"]) {
            Self::Parameter(says.to_owned())
        } else if is_about(&["authentication failed", "no such user"]) {
            Self::SignIn
        } else if is_about(&["no such database"]) {
            Self::NoDatabase
        } else {
            Self::says(says)
        }
    }

    /// It answers, and takes nobody just now.
    fn says(cause: &str) -> Self {
        Self::Away(msg!("SERVER_SAYS", cause))
    }

    /// What is told of it to whoever calls while the process serves; where the store is says the operator's log alone.
    fn while_serving(&self) -> Option<Error> {
        Some(match self {
            Self::Away(_)
            | Self::SignIn
            | Self::NoRule
            | Self::NoTls
            | Self::Tls(_)
            | Self::NoDatabase
            | Self::Parameter(_)
            | Self::Unopened => Error::of(Kind::Unavailable, msg!("STORE_UNAVAILABLE")),
            Self::Damaged => Error::of(Kind::FailedPrecondition, msg!("STORE_DAMAGED")),
            Self::ReadOnly => Error::of(Kind::Unavailable, msg!("STORE_READ_ONLY")),
            Self::Full => Error::of(Kind::Unavailable, msg!("STORE_DISK_FULL.serving")),
            Self::Disk => Error::of(Kind::Unavailable, msg!("STORE_DISK_FAILS.serving")),
            Self::Url | Self::NoRight => return None,
        })
    }

    fn of_tls(why: &str) -> Self {
        // The driver's own words for a server that declines.
        if why.contains("server does not support TLS") { Self::NoTls } else { Self::Tls(msg!("TLS_SAYS", cause = why)) }
    }
}

/// Whether PostgreSQL ended the session with this.
fn is_fatal(db: &dyn DatabaseError) -> bool {
    db.try_downcast_ref::<PgDatabaseError>().is_some_and(|error| error.severity() == PgSeverity::Fatal)
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let text = error.to_string();
        match &error {
            DbErr::Conn(RuntimeErr::SqlxError(e))
            | DbErr::Exec(RuntimeErr::SqlxError(e))
            | DbErr::Query(RuntimeErr::SqlxError(e)) => Self::of_driver(e, text),
            // sea-orm cannot read the URL, and repeats it with its password.
            DbErr::Conn(RuntimeErr::Internal(_)) => Self::Unusable(Obstacle::Url, "the URL of the database".to_owned()),
            DbErr::ConnectionAcquire(_) => Self::Unreachable(text),
            _ => Self::Fault(text),
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(error) => error,
            StoreError::Busy(text) => lost_race().with_internal(text),
            StoreError::Timeout(text) => {
                Error::of(Kind::DeadlineExceeded, msg!("DEADLINE_EXCEEDED")).with_internal(text)
            }
            StoreError::Unreachable(text) => {
                Error::of(Kind::Unavailable, msg!("STORE_UNAVAILABLE")).with_internal(text)
            }
            StoreError::Unusable(obstacle, text) => match obstacle.while_serving() {
                Some(error) => error.with_internal(text),
                None => Error::internal(text),
            },
            StoreError::Unique(what) => Error::internal(format_args!("unmapped unique violation: {what}")),
            StoreError::Reference(what) => Error::internal(format_args!("unmapped reference violation: {what}")),
            StoreError::Fault(text) => Error::internal(text),
        }
    }
}

/// Somebody else was faster; [`crate::Store::retry`] runs the unit again, and a caller may as well.
pub fn lost_race() -> Error {
    Error::of(Kind::Aborted, msg!("STORE_BUSY"))
}

/// The caller's word on what a violated constraint means.
pub trait Conflict<T> {
    /// Any unique key: this error instead.
    ///
    /// # Errors
    /// `meaning` for a violated unique key; anything else as it was.
    fn conflict(self, meaning: impl FnOnce() -> Error) -> Result<T, StoreError>;

    /// Only the unique key whose name or columns contain `word` (name an index after its columns, so that both databases
    /// agree): this error instead.
    ///
    /// # Errors
    /// `meaning` for that key; anything else as it was.
    fn conflict_on(self, word: &str, meaning: impl FnOnce() -> Error) -> Result<T, StoreError>;

    /// A reference to a row that is not there: this error instead.
    ///
    /// # Errors
    /// `meaning` for a missing reference; anything else as it was.
    fn missing_reference(self, meaning: impl FnOnce() -> Error) -> Result<T, StoreError>;
}

impl<T> Conflict<T> for Result<T, StoreError> {
    fn conflict(self, meaning: impl FnOnce() -> Error) -> Self {
        self.conflict_on("", meaning)
    }

    fn conflict_on(self, word: &str, meaning: impl FnOnce() -> Error) -> Self {
        match self {
            Err(StoreError::Unique(what)) if what.contains(word) => {
                Err(StoreError::Refused(meaning().with_internal(format_args!("unique: {what}"))))
            }
            other => other,
        }
    }

    fn missing_reference(self, meaning: impl FnOnce() -> Error) -> Self {
        match self {
            Err(StoreError::Reference(what)) => {
                Err(StoreError::Refused(meaning().with_internal(format_args!("reference: {what}"))))
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait as _;

    use super::*;

    /// What SQLite says of a statement after these.
    async fn refused(before: &[&str], statement: &str) -> Error {
        let mut options = sea_orm::ConnectOptions::new("sqlite::memory:");
        let db = sea_orm::Database::connect(options.max_connections(1).clone()).await.unwrap();
        for sql in before {
            db.execute_unprepared(sql).await.unwrap();
        }
        StoreError::from(db.execute_unprepared(statement).await.unwrap_err()).into()
    }

    #[tokio::test]
    async fn a_full_disk_and_a_file_that_is_only_read_are_for_the_operator_and_another_time() {
        let table = "CREATE TABLE notes (text)";
        let insert = "INSERT INTO notes VALUES (zeroblob(100000))";
        for (before, reason) in [
            ([table, "PRAGMA max_page_count = 1"], "STORE_DISK_FULL"),
            ([table, "PRAGMA query_only = on"], "STORE_READ_ONLY"),
        ] {
            let error = refused(&before, insert).await;
            assert_eq!((error.reason(), error.kind(), error.retryable()), (reason, Kind::Unavailable, true));
            for locale in [tally_kernel::Locale::En, tally_kernel::Locale::ZhCn] {
                assert!(!tally_i18n::sentence(locale, &error).contains("notes"));
            }
        }
    }

    #[test]
    fn a_pooler_that_refuses_a_parameter_is_told_from_one_that_is_full() {
        let of = Obstacle::of_pooler;
        assert!(matches!(of("unsupported startup parameter: options"), Obstacle::Parameter(_)));
        assert_eq!(of("SASL authentication failed"), Obstacle::SignIn);
        assert_eq!(of("no such user: tally"), Obstacle::SignIn);
        assert_eq!(of("no such database: tally"), Obstacle::NoDatabase);
        assert!(matches!(of("no more connections allowed (max_client_conn)"), Obstacle::Away(_)));
        assert!(matches!(of("pgbouncer cannot connect to server"), Obstacle::Away(_)));
    }

    fn taken() -> Result<(), StoreError> {
        Err(StoreError::Unique("people_employee_no_key".to_owned()))
    }

    #[test]
    fn only_the_callers_word_gives_a_violated_key_a_public_meaning() {
        let told = || Error::of(Kind::AlreadyExists, msg!("EMPLOYEE_NO_TAKEN"));
        let mapped: Error = taken().conflict_on("employee_no", told).unwrap_err().into();
        assert_eq!(mapped.reason(), "EMPLOYEE_NO_TAKEN");
        let other: Error = taken().conflict_on("badge", told).unwrap_err().into();
        assert_eq!(other.kind(), Kind::Internal);
        assert!(
            !tally_i18n::sentence(tally_kernel::Locale::En, &other).contains("people"),
            "{}",
            tally_i18n::sentence(tally_kernel::Locale::En, &other)
        );
        assert!(other.internal_context().unwrap().contains("people_employee_no_key"));
    }
}
