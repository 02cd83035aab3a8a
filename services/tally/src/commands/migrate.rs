//! `tally migrate`: schemas, roles and tables, with the owner's URL.

use anyhow::Result;
use percent_encoding::percent_decode_str;
use tally_kernel::{Message, msg};
use tally_runtime::ConfigError;
use tally_store::{OwnerUrl, Store};

use super::settings::{dumped, load};
use crate::cli::{DONE, Settings};
use crate::print;
use crate::said::here;
use crate::store_lock::StoreLock;
use crate::suite::{SERVICES, store_url};

/// Brings every service's schema up to date, and says what ran.
pub async fn migrate(args: Settings) -> Result<u8> {
    let config = load(&args, Vec::new())?;
    if dumped(&args, &config)? {
        return Ok(DONE);
    }
    let owner = config.database.owner_url.reveal();
    let postgres = config.database.url.reveal().starts_with("postgres");
    if postgres && owner.is_empty() {
        return Err(wrong("database.owner_url", msg!("OWNER_URL_MISSING")).into());
    }
    if !postgres && !owner.is_empty() {
        return Err(wrong("database.url", msg!("OWNER_URL_ALONE")).into());
    }
    // What is done is told service by service, and stays done where a later one fails.
    let _ours = StoreLock::take(&config)?;
    let written = &config.database.written;
    for part in SERVICES.iter().filter(|part| config.server.services.iter().any(|name| name == part.name)) {
        let url = store_url(&config, part.name)?;
        let (url, password) = if postgres { (owner.to_owned(), password_of(&url)) } else { (url, None) };
        let setting = Some(if postgres { written.owner_url.as_str() } else { &written.url });
        let ran =
            Store::migrate(OwnerUrl { url: &url, setting }, part.name, password.as_deref(), part.migrations).await?;
        let ran = if ran.is_empty() { msg!("UP_TO_DATE") } else { Message::told(ran.join(", ")) };
        print::line(here(&msg!("MIGRATED", service = part.name, ran)));
    }
    Ok(DONE)
}

fn wrong(key: &str, message: Message) -> ConfigError {
    ConfigError { key: key.to_owned(), message }
}

/// The password that the service will sign in with: its role gets it.
fn password_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    percent_decode_str(password).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_password_of_a_url_is_found_and_a_missing_one_is_none() {
        let of = |url| super::password_of(url);
        assert_eq!(of("postgres://tally_identity:s3cret@db/tally").as_deref(), Some("s3cret"));
        assert_eq!(of("postgres://tally_identity:a%40b%2Fc@db/tally").as_deref(), Some("a@b/c"));
        assert_eq!(of("postgres://tally_identity@db/tally"), None);
        assert_eq!(of("sqlite://data/identity.db"), None);
    }
}
