//! Settings of the gateway.

use ipnet::IpNet;
use tally_kernel::msg;

use super::{Config, ConfigError, error};

impl Config {
    /// The networks of the proxies whose word about their callers is taken.
    pub fn proxies(&self) -> Vec<IpNet> {
        self.server.http_proxies.iter().filter_map(|text| network(text)).collect()
    }

    pub(super) fn validate_doors(&self) -> Result<(), ConfigError> {
        if let Some(text) = self.server.http_proxies.iter().find(|text| network(text).is_none()) {
            return Err(error("server.http_proxies", msg!("SETTING_NO_NETWORK", text)));
        }
        if let Some(text) = self.server.cors_origins.iter().find(|text| !is_origin(text)) {
            return Err(error("server.cors_origins", msg!("SETTING_NO_ORIGIN", text)));
        }
        Ok(())
    }
}

/// A network, or one address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<std::net::IpAddr>().ok()?)))
}

/// What a browser says in `Origin`: without a path, and in small letters.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | ':' | '[' | ']');
    text == "*" || (!host.is_empty() && host.chars().all(plain))
}
