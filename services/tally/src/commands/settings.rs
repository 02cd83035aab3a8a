//! Settings of the commands that open stores.

use anyhow::{Result, bail};
use tally_runtime::{Config, Sources};

use crate::cli::Settings;

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
