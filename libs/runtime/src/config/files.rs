//! Files that settings name: the passphrase of the keys, certificates.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use tally_i18n::io;
use tally_kernel::{Clock, Message, msg};
use tally_rpc::{Tls, TlsFault};
use tally_store::read_secret;

use super::{Config, ConfigError, Server, error};

/// How long before its end a certificate is spoken of.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(21 * 24);
const TO_THE_SECOND: &str = "%Y-%m-%dT%H:%M:%SZ";

impl Config {
    /// The passphrase of the key file, if one was set.
    ///
    /// # Errors
    /// When it was set twice, or its file cannot be read or is empty.
    pub fn passphrase(&self) -> Result<Option<String>, ConfigError> {
        let (text, file) = (&self.keys.passphrase.0, &self.keys.passphrase_file);
        if file.as_os_str().is_empty() {
            return Ok(Some(text.clone()).filter(|text| !text.is_empty()));
        }
        let wrong = |why: Message| error("keys.passphrase_file", why);
        if !text.is_empty() {
            return Err(wrong(msg!("SETTING_PASSPHRASE_TWICE")));
        }
        secret_in(file).and_then(|text| line(file, &text)).map(Some).map_err(wrong)
    }

    /// Reads the certificates, if there are any, and sees that a server can show them.
    ///
    /// # Errors
    /// The setting whose file cannot be read, or does not do.
    pub fn tls(&self) -> Result<Option<Tls>, ConfigError> {
        let read = |key: &str, path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|e| error(key, unreadable_file(path, &e)))
        };
        let server = &self.server;
        if server.tls_certificate.as_os_str().is_empty() {
            return Ok(None);
        }
        let authority = (!server.tls_authority.as_os_str().is_empty())
            .then(|| read("server.tls_authority", &server.tls_authority))
            .transpose()?;
        let certificate = read("server.tls_certificate", &server.tls_certificate)?;
        let key = secret_in(&server.tls_key).map_err(|why| error("server.tls_key", why))?;
        let tls = Tls { certificate, key, authority };
        let now = Clock::System.now();
        tls.check(now).map_err(|fault| server.misfit(fault, now))?;
        // Whom nobody is called from may have a certificate of another authority than its callers.
        if self.peers.values().any(|address| address.starts_with("https://")) && !tls.is_signed(now) {
            let (file, authority) = (server.tls_certificate.display(), server.tls_authority.display());
            return Err(error("server.tls_authority", msg!("SETTING_CERTIFICATE_OF_ANOTHER", file, authority)));
        }
        Ok(Some(tls))
    }

    /// Says once, in good time, that the certificate ends.
    pub(crate) fn warn_of_end(&self, tls: &Tls) {
        let soon = Clock::System.now().checked_add(ENDS_SOON).unwrap_or(Timestamp::MAX);
        if let Some(until) = tls.ends_before(soon) {
            let file = self.server.tls_certificate.display();
            tracing::warn!(%file, %until, "the certificate of this server ends soon: put a new one there and start again");
        }
    }
}

impl Server {
    /// The setting whose file does not do, and what it should hold.
    fn misfit(&self, fault: TlsFault, now: Timestamp) -> ConfigError {
        let (key, file) = match fault {
            TlsFault::Certificate | TlsFault::Over(_) | TlsFault::Early(_) => {
                ("server.tls_certificate", &self.tls_certificate)
            }
            TlsFault::Key | TlsFault::Mismatch => ("server.tls_key", &self.tls_key),
            TlsFault::Authority => ("server.tls_authority", &self.tls_authority),
        };
        let file = file.display();
        let message = match fault {
            TlsFault::Certificate | TlsFault::Authority => msg!("SETTING_NO_CERTIFICATE", file),
            TlsFault::Over(until) => msg!("SETTING_CERTIFICATE_OVER", file, until, now = now.strftime(TO_THE_SECOND)),
            TlsFault::Early(from) => {
                msg!("SETTING_CERTIFICATE_OVER.early", file, from, now = now.strftime(TO_THE_SECOND))
            }
            TlsFault::Key => msg!("SETTING_NO_PRIVATE_KEY", file),
            TlsFault::Mismatch => {
                msg!("SETTING_KEY_OF_ANOTHER", file, certificate = self.tls_certificate.display())
            }
        };
        error(key, message)
    }
}

/// The passphrase that a file holds: its text without the end of the line.
///
/// # Errors
/// Why there is none.
pub fn passphrase_in(file: &Path) -> Result<String, Message> {
    let text = std::fs::read_to_string(file).map_err(|e| unreadable_file(file, &e))?;
    line(file, &text)
}

/// A secret that is kept in a file: others must not be able to read it.
fn secret_in(file: &Path) -> Result<String, Message> {
    read_secret(file).map_err(|e| unreadable_file(file, &e))
}

fn line(file: &Path, text: &str) -> Result<String, Message> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(msg!("SETTING_FILE_EMPTY", file = file.display())) } else { Ok(text.to_owned()) }
}

fn unreadable_file(file: &Path, cause: &std::io::Error) -> Message {
    msg!("CANNOT_READ", file = file.display(), error = io(cause))
}
