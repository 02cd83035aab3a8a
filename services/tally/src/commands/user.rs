//! `tally user`: logins with their roles, for whoever has no other way to make them yet.

use std::path::Path;

use anyhow::Result;
use tally_api::identity::v1 as identity;
use tally_api::identity::v1::ScopeKind;
use tally_api::identity::v1::access_service_client::AccessServiceClient;
use tally_api::identity::v1::role_service_client::RoleServiceClient;
use tally_bundle::nearest;
use tally_kernel::{Message, msg};

use super::settings::session;
use crate::cli::{DONE, UserCommand, UserCreate, UserGrant};
use crate::close::create_login;
use crate::print;
use crate::said::{Mistyped, Refusal, because, here, told};
use crate::session::{Session, secret_from};
use tally_import::unit_ids;

/// Scopes that are a part of the group, the widest first, and the one that is all of it.
const ON_UNITS: [ScopeKind; 3] = [ScopeKind::Subtree, ScopeKind::Unit, ScopeKind::LegalEntity];
const ON_ALL: [ScopeKind; 1] = [ScopeKind::Tenant];

/// Does what was asked about users.
pub async fn user(command: UserCommand) -> Result<u8> {
    match command {
        UserCommand::Create(args) => create(args).await,
        UserCommand::Grant(args) => grant(args).await,
    }
}

async fn create(mut args: UserCreate) -> Result<u8> {
    args.server.input_is_taken = args.password_file == Path::new("-");
    let Some(admin) = session(&args.server).await? else { return Ok(DONE) };
    let UserCreate { login, role, unit, .. } = args;
    // Asked first: a login that has no role yet could not be made a second time.
    let roles = roles(&admin).await?;
    let fits = |role: &&identity::Role| first(role, ON_ALL).or_else(|| first(role, ON_UNITS)).is_some();
    let Some(known) = roles.iter().filter(fits).find(|known| known.name == role) else {
        let names: Vec<&str> = roles.iter().filter(fits).map(|role| role.name.as_str()).collect();
        return Err(Mistyped(msg!("USER_ROLE_UNKNOWN", role, roles = names.join(", "))).into());
    };
    let (scope, scope_ref) = scope_of(&admin, known, unit.as_deref()).await?;
    let principal_id = create_login(&admin, &login, &secret_from("--password-file", &args.password_file)?).await?;
    let reason = "made with tally user create".to_owned();
    let grant = identity::Grant { principal_id, ..granted(&role, (scope, scope_ref), reason) };
    let ask = identity::GrantRoleRequest { grant: Some(grant), ..Default::default() };
    let given = AccessServiceClient::new(admin.at.identity.clone()).grant_role(admin.ask(ask)).await.map_err(told);
    let on = unit.map(|unit| format!(" --unit {unit}")).unwrap_or_default();
    given.map_err(|error| because(msg!("USER_WITHOUT_ROLE", login, role, on), error))?;
    print::note(here(&msg!("USER_CREATED", login, role)));
    Ok(DONE)
}

async fn grant(args: UserGrant) -> Result<u8> {
    let Some(admin) = session(&args.server).await? else { return Ok(DONE) };
    let UserGrant { login, role, unit, .. } = args;
    let roles = roles(&admin).await?;
    let Some(known) = roles.iter().find(|known| known.name == role) else {
        let names: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
        return Err(Mistyped(msg!("USER_ROLE_UNKNOWN.grant", role, roles = names.join(", "))).into());
    };
    let on = scope_of(&admin, known, unit.as_deref()).await?;
    let grant = granted(&role, on, "given with tally user grant".to_owned());
    let ask = identity::GrantRoleRequest { grant: Some(grant), login: login.clone(), ..Default::default() };
    let given = AccessServiceClient::new(admin.at.identity.clone()).grant_role(admin.ask(ask)).await.map_err(told);
    print::note(here(&outcome(given, login, role)?));
    Ok(DONE)
}

/// On what a role is given: the unit that was named, else the whole group.
async fn scope_of(admin: &Session, role: &identity::Role, unit: Option<&str>) -> Result<(ScopeKind, String)> {
    let (of_units, of_all) = (first(role, ON_UNITS), first(role, ON_ALL));
    match (unit, of_all) {
        (Some(path), _) => {
            let scope = of_units.ok_or_else(|| Mistyped(msg!("USER_ROLE_WITHOUT_UNIT", role = role.name)))?;
            Ok((scope, unit_id(admin, path).await?))
        }
        (None, Some(scope)) => Ok((scope, String::new())),
        // A role that can be given on units is not meant for oneself alone.
        (None, None) => {
            let own = first(role, [ScopeKind::Self_, ScopeKind::Reports]).filter(|_| of_units.is_none());
            Ok((own.ok_or_else(|| Mistyped(msg!("USER_ROLE_OF_A_UNIT", role = role.name)))?, String::new()))
        }
    }
}

/// A role from the first day on.
fn granted(role: &str, (scope, scope_ref): (ScopeKind, String), reason: String) -> identity::Grant {
    let (role, valid_from) = (role.to_owned(), tally_identity::ALWAYS.to_string());
    identity::Grant { role, scope: scope.into(), scope_ref, valid_from, reason, ..Default::default() }
}

/// What came of giving a role: one that is held already need not be given.
fn outcome<T>(given: Result<T>, login: String, role: String) -> Result<Message> {
    let is_held = |error: &anyhow::Error| {
        error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.reason == "GRANTED_ALREADY")
    };
    match given {
        Ok(_) => Ok(msg!("USER_GRANTED", login, role)),
        Err(error) if is_held(&error) => Ok(msg!("USER_GRANTED.already", login, role)),
        Err(error) => Err(error),
    }
}

/// The first of these scopes on which a role can be given.
fn first<const N: usize>(role: &identity::Role, scopes: [ScopeKind; N]) -> Option<ScopeKind> {
    scopes.into_iter().find(|scope| role.scopes.contains(&(*scope).into()))
}

async fn unit_id(admin: &Session, path: &str) -> Result<String> {
    let units = unit_ids(admin).await?;
    if let Some(id) = units.get(path) {
        return Ok(id.clone());
    }
    let near = nearest(path, units.keys().map(String::as_str));
    let hint = near.map_or_else(|| Message::told(""), |near| msg!("HINT_NEAR", near));
    Err(Mistyped(msg!("USER_UNIT_UNKNOWN", unit = path, hint)).into())
}

async fn roles(admin: &Session) -> Result<Vec<identity::Role>> {
    let mut client = RoleServiceClient::new(admin.at.identity.clone());
    Ok(client.list_roles(admin.ask(identity::ListRolesRequest {})).await.map_err(told)?.into_inner().roles)
}
