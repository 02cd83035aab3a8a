//! `tally login`: a password becomes a token.

use anyhow::Result;
use tally_api::identity::v1::SignInRequest;

use super::init::line;
use crate::cli::{DONE, Login};
use crate::session::{Channels, Session};

/// Prints the token alone on the standard output, so that it can be put into a variable.
pub async fn login(args: Login) -> Result<u8> {
    let password = line("password (shown as you type): ")?;
    let new_password = if args.new_password { line("new password (at least 12 characters): ")? } else { String::new() };
    let ask =
        SignInRequest { login: args.login, password, new_password, code: args.code, client: "tally login".to_owned() };
    let session = Session::sign_in_as(&Channels::at(&args.server)?, ask).await?;
    println!("{}", session.token());
    eprintln!("good for ten minutes: send it as `authorization: Bearer ..`");
    Ok(DONE)
}
