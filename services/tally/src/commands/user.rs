//! `tally user create`: a login with a role, for whoever has no other way to make one yet.

use std::path::Path;

use anyhow::{Context as _, Result};
use tally_kernel::msg;

use super::settings::session;
use crate::cli::{DONE, UserCommand, UserCreate};
use crate::close::{create_login, grant_role};
use crate::said::{Said, here};
use crate::session::secret_from;

/// Does what was asked about users.
pub async fn user(command: UserCommand) -> Result<u8> {
    match command {
        UserCommand::Create(args) => create(args).await,
    }
}

async fn create(mut args: UserCreate) -> Result<u8> {
    args.server.input_is_taken = args.password_file == Path::new("-");
    let Some(admin) = session(&args.server).await? else { return Ok(DONE) };
    let (login, role) = (args.login, args.role);
    let principal = create_login(&admin, &login, &secret_from(&args.password_file)?).await?;
    let granted = grant_role(&admin, &principal, &role, "made with tally user create").await;
    granted.with_context(|| Said(msg!("USER_WITHOUT_ROLE", login, role)))?;
    eprintln!("{}", here(&msg!("USER_CREATED", login, role)));
    Ok(DONE)
}
