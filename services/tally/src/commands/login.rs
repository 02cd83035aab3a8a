//! `tally login`: a password becomes a token, which the commands that follow remember.

use anyhow::Result;
use tally_api::identity::v1::SignInRequest;
use tally_kernel::msg;

use super::init::line;
use super::settings::{dumped, load};
use crate::cli::{DONE, Login};
use crate::connection::{Place, Remembered};
use crate::print;
use crate::said::here;
use crate::session::Session;

/// Prints the token alone on the standard output, so that it can be put into a variable.
pub async fn login(args: Login) -> Result<u8> {
    let config = load(&args.settings, Vec::new())?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let place = Place::of(&args.connection, &config, Remembered::read(&config).as_ref())?;
    let at = place.channels(&config)?;
    place.reach(&at).await?;
    let password = line(&msg!("ASK_PASSWORD"))?;
    let new_password = if args.new_password { line(&msg!("ASK_NEW_PASSWORD"))? } else { String::new() };
    let client = "tally login".to_owned();
    let login = args.login.clone();
    let session =
        Session::sign_in_as(&at, SignInRequest { login, password, new_password, code: args.code, client }).await?;
    print::line(session.token());
    let (until, file) = (session.good_until, &config.client.session_file);
    print::note(here(&msg!("LOGIN_GOOD", until = until.to_string())));
    if file.as_os_str().is_empty() {
        return Ok(DONE);
    }
    let remembered = Remembered::new(place, args.login, session.token().to_owned(), until);
    if let Err(why) = remembered.write(file) {
        let (file, why) = (file.display().to_string(), why.to_string());
        print::note(here(&msg!("LOGIN_NOT_REMEMBERED", file, why)));
    }
    Ok(DONE)
}
