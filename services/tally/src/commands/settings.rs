//! Settings of the commands that open stores or speak to a running suite.

use std::io::IsTerminal as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use anyhow::Result;
use tally_kernel::{Error, Kind, msg};
use tally_runtime::{Config, Sources};

use crate::cli::{Language, Server, Settings};
use crate::connection::{Place, Remembered};
use crate::print;
use crate::said::{here, refusal};
use crate::session::{Session, secret_from};

const TOKEN_FILE: &str = "--token-file";

/// Reads the settings, with these flags on top.
pub fn load(settings: &Settings, mut flags: Vec<(String, String)>) -> Result<Config> {
    for pair in &settings.set {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Error::of(Kind::InvalidArgument, msg!("SET_EXPECTED", pair)).into());
        };
        flags.push((key.to_owned(), value.to_owned()));
    }
    Ok(Config::load(&Sources::of_process(settings.config.clone(), flags))?)
}

/// Prints the settings in force, where that was asked for; says whether it was.
pub fn dumped(settings: &Settings, config: &Config) -> Result<bool> {
    if settings.dump_config {
        print::text(&config.dump()?);
    }
    Ok(settings.dump_config)
}

/// The suite that the flags name, once it was found to be there; nothing when only the settings were to be printed.
pub async fn session(server: &Server) -> Result<Option<Session>> {
    let config = load(&server.settings, Vec::new())?;
    if dumped(&server.settings, &config)? {
        return Ok(None);
    }
    let remembered = Remembered::read(&config);
    let place = Place::of(&server.connection, &config, remembered.as_ref())?;
    let token = token(server, remembered.filter(|known| known.is_at(&place)).as_ref())?;
    let at = place.channels(&config)?;
    place.reach(&at).await?;
    Ok(Some(Session::of_token(&at, &token).speaking(Language::spoken().tag())))
}

/// The token of a file, else that of the last sign-in while it is good, else the first line of the standard input.
fn token(server: &Server, remembered: Option<&Remembered>) -> Result<String> {
    let input_is_taken = server.input_is_taken;
    if let (None, Some(known)) = (&server.token_file, remembered)
        && let Some(token) = known.token()
    {
        let (login, server) = (&known.login, known.server());
        print::note(here(&msg!("SIGNED_IN_AS", login, server)));
        if !input_is_taken && is_piped() {
            print::note(here(&msg!("INPUT_NOT_READ")));
        }
        return Ok(token.to_owned());
    }
    let over = remembered.map(|known| msg!("SIGN_IN_OVER", login = known.login));
    let token = match &server.token_file {
        Some(file) => secret_from(TOKEN_FILE, file)?,
        None if over.is_some() && std::io::stdin().is_terminal() => String::new(),
        None => secret_from(TOKEN_FILE, Path::new("-"))?,
    };
    if token.trim().is_empty() {
        let why = over.filter(|_| server.token_file.is_none()).unwrap_or_else(|| msg!("SIGN_IN_FIRST"));
        return Err(refusal(Error::of(Kind::Unauthenticated, why)));
    }
    Ok(token)
}

/// Whether another program's output is the standard input: it may hold a token that is not looked at.
fn is_piped() -> bool {
    std::fs::metadata("/dev/stdin").is_ok_and(|input| input.file_type().is_fifo())
}
