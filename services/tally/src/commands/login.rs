//! `tally login`: a password becomes a token.

use anyhow::Result;

use super::init::password;
use crate::cli::{DONE, Login};
use crate::session::{Channels, Session};

/// Prints the token alone on the standard output, so that it can be put into a variable.
pub async fn login(args: Login) -> Result<u8> {
    let session = Session::sign_in(&Channels::at(&args.server)?, &args.login, &password()?).await?;
    println!("{}", session.token());
    eprintln!("good for ten minutes: send it as `authorization: Bearer ..`");
    Ok(DONE)
}
