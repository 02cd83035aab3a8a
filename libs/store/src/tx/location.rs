//! Where a store is, and what is told of it to whoever opens it and cannot: which setting is wrong or what stands in the
//! way there, and what to do. Nothing of it holds the password of the URL.

use std::fs::OpenOptions;

use sea_orm::sqlx::postgres::PgConnectOptions;
use tally_kernel::{Error, Kind, Message, msg};

use crate::error::{Obstacle, StoreError};

/// See the module's text.
pub(crate) struct Location {
    service: &'static str,
    /// Whose URL it is.
    setting: Setting,
    at: At,
}

/// The setting that holds the URL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Url,
    OwnerUrl,
}

enum At {
    Postgres { server: String, user: String, database: String },
    Sqlite { file: String },
}

impl Setting {
    const fn key(self) -> &'static str {
        match self {
            Self::Url => "database.url",
            Self::OwnerUrl => "database.owner_url",
        }
    }
}

impl Location {
    /// Reads the URL.
    ///
    /// # Errors
    /// `DATABASE_URL_INVALID`.
    pub(crate) fn of(url: &str, service: &'static str, setting: Setting) -> Result<Self, Error> {
        if let Some(rest) = url.strip_prefix("sqlite:") {
            let file = rest.trim_start_matches("//").split('?').next().unwrap_or_default().to_owned();
            return Ok(Self { service, setting, at: At::Sqlite { file } });
        }
        let options: PgConnectOptions = url.parse().map_err(|_| unreadable(setting))?;
        let host = options.get_host();
        let server = match options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None if host.starts_with('/') => host.to_owned(),
            None => format!("{host}:{}", options.get_port()),
        };
        let user = options.get_username().to_owned();
        let database = options.get_database().map_or_else(|| user.clone(), str::to_owned);
        Ok(Self { service, setting, at: At::Postgres { server, user, database } })
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
        let (service, setting, owner) = (self.service, self.setting.key(), self.setting == Setting::OwnerUrl);
        let message = match obstacle {
            Obstacle::Url => return (Kind::InvalidArgument, Some(unreadable(self.setting).message().clone())),
            Obstacle::Away(why) => {
                return (Kind::Unavailable, Some(msg!("STORE_AWAY", service, at, why = why.clone(), setting)));
            }
            Obstacle::SignIn if owner => msg!("STORE_SIGN_IN_REFUSED.owner", at, user),
            Obstacle::SignIn => msg!("STORE_SIGN_IN_REFUSED", at, user),
            Obstacle::NoRule => msg!("STORE_SIGN_IN_REFUSED.rule", at, user, database, setting),
            Obstacle::NoTls => msg!("STORE_TLS_FAILED.none", at, setting),
            Obstacle::Tls(why) => msg!("STORE_TLS_FAILED", at, why = why.clone(), setting),
            Obstacle::NoDatabase => msg!("STORE_DATABASE_MISSING", at, database, setting),
            Obstacle::NoRight if owner => msg!("STORE_RIGHT_MISSING.owner", at, user, database),
            Obstacle::NoRight => msg!("STORE_RIGHT_MISSING", service, at, user, database),
            Obstacle::Full => return (Kind::FailedPrecondition, Some(msg!("STORE_DISK_FULL", at))),
            Obstacle::Damaged | Obstacle::ReadOnly | Obstacle::Unopened => return (Kind::Internal, None),
        };
        (Kind::InvalidArgument, Some(message))
    }

    fn of_file(&self, obstacle: &Obstacle, file: &str) -> (Kind, Option<Message>) {
        let message = match obstacle {
            Obstacle::Url => return (Kind::InvalidArgument, Some(msg!("DATABASE_URL_INVALID.file"))),
            Obstacle::Damaged => msg!("STORE_FILE_DAMAGED", file),
            Obstacle::ReadOnly => msg!("STORE_FILE_UNUSABLE.read_only", file),
            // SQLite says no more than that it cannot; the system knows why.
            Obstacle::Unopened => {
                let why = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file).err();
                msg!(
                    "STORE_FILE_UNUSABLE",
                    file,
                    why = why.map_or_else(|| msg!("IO_FOLDER_CLOSED"), |e| tally_i18n::io(&e))
                )
            }
            Obstacle::Full => msg!("STORE_DISK_FULL", at = file),
            Obstacle::Away(_)
            | Obstacle::SignIn
            | Obstacle::NoRule
            | Obstacle::NoTls
            | Obstacle::Tls(_)
            | Obstacle::NoDatabase
            | Obstacle::NoRight => return (Kind::Internal, None),
        };
        (Kind::FailedPrecondition, Some(message))
    }
}

fn unreadable(setting: Setting) -> Error {
    Error::of(Kind::InvalidArgument, msg!("DATABASE_URL_INVALID.server", setting = setting.key()))
}
