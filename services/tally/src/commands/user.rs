//! `tally user create`: a login with a role, for whoever has no other way to make one yet.

use std::path::Path;

use anyhow::Result;
use tally_api::identity::v1 as identity;
use tally_api::identity::v1::role_service_client::RoleServiceClient;
use tally_kernel::msg;

use super::settings::session;
use crate::cli::{DONE, UserCommand, UserCreate};
use crate::close::{create_login, grant_role};
use crate::said::{Said, because, here, told};
use crate::session::{Session, secret_from};

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
    // Asked first: a login that has no role yet could not be made a second time.
    let roles = of_the_group(&admin).await?;
    if !roles.contains(&role) {
        return Err(Said(msg!("USER_ROLE_UNKNOWN", role, roles = roles.join(", "))).into());
    }
    let principal = create_login(&admin, &login, &secret_from(&args.password_file)?).await?;
    let granted = grant_role(&admin, &principal, &role, "made with tally user create").await;
    granted.map_err(|error| because(msg!("USER_WITHOUT_ROLE", login, role), error))?;
    eprintln!("{}", here(&msg!("USER_CREATED", login, role)));
    Ok(DONE)
}

/// The names of the roles that can be given in the whole group.
async fn of_the_group(admin: &Session) -> Result<Vec<String>> {
    let mut client = RoleServiceClient::new(admin.at.identity.clone());
    let roles = client.list_roles(admin.ask(identity::ListRolesRequest {})).await.map_err(told)?.into_inner().roles;
    let on_all = |role: &identity::Role| role.scopes.contains(&identity::ScopeKind::Tenant.into());
    Ok(roles.into_iter().filter(on_all).map(|role| role.name).collect())
}
