//! Where a store is, and what is told of it to whoever opens it and cannot: which setting is wrong or what stands in the
//! way there, and what to do. Nothing of it holds the password of the URL.

use std::fs::OpenOptions;

use sea_orm::sqlx::postgres::PgConnectOptions;
use tally_kernel::{Error, Kind, Message, msg};

use crate::error::{Obstacle, StoreError};
use crate::names;

/// See the module's text.
pub(crate) struct Location {
    service: &'static str,
    /// What the user wrote the URL into.
    setting: String,
    /// Whether it is the owner's URL.
    is_owners: bool,
    at: At,
}

/// The owner's URL, and what the user wrote it into where that is not `database.owner_url`.
#[derive(Clone, Copy)]
pub struct OwnerUrl<'a> {
    /// The URL.
    pub url: &'a str,
    /// The setting, the variable or the flag.
    pub setting: Option<&'a str>,
}

impl<'a, T: AsRef<str> + ?Sized> From<&'a T> for OwnerUrl<'a> {
    fn from(url: &'a T) -> Self {
        Self { url: url.as_ref(), setting: None }
    }
}

impl std::fmt::Debug for OwnerUrl<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnerUrl(..)")
    }
}

enum At {
    Postgres { server: String, user: String, database: String },
    Sqlite { file: String },
}

impl Location {
    /// Reads the URL.
    ///
    /// # Errors
    /// `DATABASE_URL_INVALID`.
    pub(crate) fn of(url: &str, service: &'static str, setting: &str) -> Result<Self, Error> {
        Self::read(url, service, setting.to_owned(), false)
    }

    /// The same of the owner's URL.
    ///
    /// # Errors
    /// `DATABASE_URL_INVALID`.
    pub(crate) fn of_owner(url: OwnerUrl<'_>, service: &'static str) -> Result<Self, Error> {
        let is_file = url.url.starts_with("sqlite:");
        let usual = if is_file { "database.url" } else { "database.owner_url" };
        Self::read(url.url, service, url.setting.unwrap_or(usual).to_owned(), !is_file)
    }

    fn read(url: &str, service: &'static str, setting: String, is_owners: bool) -> Result<Self, Error> {
        if let Some(rest) = url.strip_prefix("sqlite:") {
            let file = rest.trim_start_matches("//").split('?').next().unwrap_or_default().to_owned();
            return Ok(Self { service, setting, is_owners, at: At::Sqlite { file } });
        }
        let options: PgConnectOptions = url.parse().map_err(|_| unreadable(&setting))?;
        let host = options.get_host();
        let server = match options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None if host.starts_with('/') => host.to_owned(),
            None => format!("{host}:{}", options.get_port()),
        };
        let user = options.get_username().to_owned();
        let database = options.get_database().map_or_else(|| user.clone(), str::to_owned);
        Ok(Self { service, setting, is_owners, at: At::Postgres { server, user, database } })
    }

    /// What the user wrote the URL into.
    pub(crate) fn setting(&self) -> &str {
        &self.setting
    }

    /// What is told of a store that could not be opened.
    pub(crate) fn told(&self, error: StoreError) -> Error {
        let StoreError::Unusable(obstacle, text) = error else { return error.into() };
        let (kind, message) = match &self.at {
            At::Postgres { server, user, database } => self.of_server(&obstacle, server, user, database),
            At::Sqlite { file } => self.of_file(&obstacle, file),
        };
        match message {
            Some(message) => Error::of(kind, message).with_internal(text),
            None => StoreError::Unusable(obstacle, text).into(),
        }
    }

    fn of_server(&self, obstacle: &Obstacle, at: &str, user: &str, database: &str) -> (Kind, Option<Message>) {
        let (service, setting) = (self.service, self.setting.as_str());
        let message = match obstacle {
            Obstacle::Url => return (Kind::InvalidArgument, Some(unreadable(setting).message().clone())),
            Obstacle::Away(why) => {
                return (Kind::Unavailable, Some(msg!("STORE_AWAY", service, at, why = why.clone(), setting)));
            }
            Obstacle::SignIn if self.is_owners => msg!("STORE_SIGN_IN_REFUSED.owner", at, user, setting),
            Obstacle::SignIn => msg!("STORE_SIGN_IN_REFUSED", at, user, setting),
            Obstacle::NoRule => msg!("STORE_SIGN_IN_REFUSED.rule", at, user, database, setting),
            Obstacle::NoTls => msg!("STORE_TLS_FAILED.none", at, setting),
            Obstacle::Tls(why) => msg!("STORE_TLS_FAILED", at, why = why.clone(), setting),
            Obstacle::NoDatabase => msg!("STORE_DATABASE_MISSING", at, database, setting),
            Obstacle::Parameter(says) => msg!("STORE_PARAMETER_REFUSED", at, says, setting),
            Obstacle::NoRight if self.is_owners => msg!("STORE_RIGHT_MISSING.owner", at, user, database, setting),
            Obstacle::NoRight if user != names::login(service) => self.of_another(user).message().clone(),
            Obstacle::NoRight => msg!("STORE_RIGHT_MISSING", service, at, user, database),
            Obstacle::Full => return (Kind::FailedPrecondition, Some(msg!("STORE_DISK_FULL", at))),
            Obstacle::Disk => return (Kind::FailedPrecondition, Some(msg!("STORE_DISK_FAILS", at))),
            Obstacle::Damaged => {
                return (Kind::FailedPrecondition, Some(msg!("STORE_DAMAGED.server", service, at, database)));
            }
            Obstacle::ReadOnly => {
                return (Kind::FailedPrecondition, Some(msg!("STORE_READ_ONLY.server", service, at, setting)));
            }
            Obstacle::Unopened => return (Kind::Internal, None),
        };
        (Kind::InvalidArgument, Some(message))
    }

    /// The refusal of a role that is none of this service's.
    fn of_another(&self, user: &str) -> Error {
        let (service, login) = (self.service, names::login(self.service));
        let message = msg!("DATABASE_ROLE_OF_ANOTHER", service, user, login, setting = self.setting);
        Error::of(Kind::InvalidArgument, message)
    }

    /// The refusal of a database that holds somebody's data.
    pub(crate) fn in_use(&self, schema: &str, database: &str) -> Error {
        let message = msg!("DATABASE_IN_USE", database, schema, setting = self.setting);
        Error::of(Kind::FailedPrecondition, message)
    }

    /// Refuses a role that is none of this service's where the schema seems to be behind: it only sees nothing of it.
    pub(crate) fn refuse_other_role(&self) -> Result<(), Error> {
        match &self.at {
            At::Postgres { user, .. } if *user != names::login(self.service) => Err(self.of_another(user)),
            At::Postgres { .. } | At::Sqlite { .. } => Ok(()),
        }
    }

    fn of_file(&self, obstacle: &Obstacle, file: &str) -> (Kind, Option<Message>) {
        let setting = self.setting.as_str();
        let message = match obstacle {
            Obstacle::Url => return (Kind::InvalidArgument, Some(msg!("DATABASE_URL_INVALID.file", setting))),
            Obstacle::Damaged => msg!("STORE_FILE_DAMAGED", file, setting),
            Obstacle::ReadOnly => msg!("STORE_FILE_UNUSABLE.read_only", file, setting),
            // SQLite says no more than that it cannot; the system knows why.
            Obstacle::Unopened => {
                let why = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file).err();
                msg!(
                    "STORE_FILE_UNUSABLE",
                    file,
                    setting,
                    why = why.map_or_else(|| msg!("IO_FOLDER_CLOSED"), |e| tally_i18n::io(&e))
                )
            }
            Obstacle::Full => msg!("STORE_DISK_FULL", at = file),
            Obstacle::Disk => msg!("STORE_DISK_FAILS", at = file),
            Obstacle::Away(_)
            | Obstacle::SignIn
            | Obstacle::NoRule
            | Obstacle::NoTls
            | Obstacle::Tls(_)
            | Obstacle::NoDatabase
            | Obstacle::Parameter(_)
            | Obstacle::NoRight => return (Kind::Internal, None),
        };
        (Kind::FailedPrecondition, Some(message))
    }
}

fn unreadable(setting: &str) -> Error {
    Error::of(Kind::InvalidArgument, msg!("DATABASE_URL_INVALID.server", setting))
}
