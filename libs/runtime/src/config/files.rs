//! Files that settings name: the passphrase of the keys, certificates.

use std::path::{Path, PathBuf};

use tally_i18n::io;
use tally_kernel::{Message, msg};
use tally_rpc::{Tls, TlsFault};

use super::{Config, ConfigError, Server, error};

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
        passphrase_in(file).map(Some).map_err(wrong)
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
        let tls = Tls { certificate, key: read("server.tls_key", &server.tls_key)?, authority };
        match tls.check() {
            Ok(()) => Ok(Some(tls)),
            Err(fault) => Err(server.misfit(fault)),
        }
    }
}

impl Server {
    /// The setting whose file does not do, and what it should hold.
    fn misfit(&self, fault: TlsFault) -> ConfigError {
        let (key, file) = match fault {
            TlsFault::Certificate => ("server.tls_certificate", &self.tls_certificate),
            TlsFault::Key | TlsFault::Mismatch => ("server.tls_key", &self.tls_key),
            TlsFault::Authority => ("server.tls_authority", &self.tls_authority),
        };
        let file = file.display();
        let message = match fault {
            TlsFault::Certificate | TlsFault::Authority => msg!("SETTING_NO_CERTIFICATE", file),
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
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(msg!("SETTING_FILE_EMPTY", file = file.display())) } else { Ok(text.to_owned()) }
}

fn unreadable_file(file: &Path, cause: &std::io::Error) -> Message {
    msg!("CANNOT_READ", file = file.display(), error = io(cause))
}
