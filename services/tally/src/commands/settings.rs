//! Settings of the commands that open stores or speak to a running suite.

use anyhow::{Result, bail};
use tally_runtime::{Config, Sources};

use crate::cli::{Server, Settings};
use crate::session::{Channels, Session, secret_from};

/// Reads the settings, with these flags on top.
pub fn load(settings: &Settings, mut flags: Vec<(String, String)>) -> Result<Config> {
    for pair in &settings.set {
        let Some((key, value)) = pair.split_once('=') else { bail!("--set {pair}: expected KEY=VALUE") };
        flags.push((key.to_owned(), value.to_owned()));
    }
    Ok(Config::load(&Sources::of_process(settings.config.clone(), flags))?)
}

/// Prints the settings in force, where that was asked for; says whether it was.
pub fn dumped(settings: &Settings, config: &Config) -> Result<bool> {
    if settings.dump_config {
        print!("{}", config.dump()?);
    }
    Ok(settings.dump_config)
}

/// The suite that the flags name; nothing when only the settings were to be printed.
pub fn session(server: &Server) -> Result<Option<Session>> {
    let config = load(&server.settings, Vec::new())?;
    if dumped(&server.settings, &config)? {
        return Ok(None);
    }
    let token = match &server.token_file {
        Some(file) => secret_from(file)?,
        None => std::io::stdin().lines().next().transpose()?.unwrap_or_default(),
    };
    if token.trim().is_empty() {
        bail!("no token: pipe in what `tally login` prints, or name a file that holds it");
    }
    Ok(Some(Session::of_token(&Channels::of_settings(&config, &server.server)?, &token)))
}
