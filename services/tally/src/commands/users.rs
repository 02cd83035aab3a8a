//! The users of a sample group: those who did the job, and a few with a name.

use std::time::{Duration, Instant};

use anyhow::Result;
use tally_api::identity::v1 as identity;
use tally_api::talent::v1 as talent;
use tally_bundle::{Bundle, PersonIx};
use tally_kernel::{Message, msg};
use tonic::Code;

use crate::cli::Language;
use crate::close::{CloseOutcome, Crew};
use crate::said::{Refusal, told};
use crate::show::spotlight;

/// How long talent may take to hear of a published cycle.
const PATIENCE: Duration = Duration::from_secs(10);

/// Somebody who can sign in.
pub struct User {
    pub login: String,
    pub role: &'static str,
    /// Who it is, or what it is good for.
    pub about: String,
}

/// Those who did the job.
pub fn crew(lang: Language) -> Vec<User> {
    let users = [
        ("admin", "group_admin", msg!("DEMO_USER_ADMIN")),
        ("hr", "group_hr", msg!("DEMO_USER_HR")),
        ("payroll", "compensation_specialist", msg!("DEMO_USER_PAYROLL")),
        ("approver", "approver", msg!("DEMO_USER_APPROVER")),
        ("payer", "compensation_specialist", msg!("DEMO_USER_PAYER")),
        ("auditor", "auditor", msg!("DEMO_USER_AUDITOR")),
    ];
    let user = |(login, role, about): (&str, &'static str, Message)| User {
        login: login.to_owned(),
        role,
        about: lang.say(&about),
    };
    users.into_iter().map(user).collect()
}

/// Gives logins to two agents, the first and the last of the ranking who still work there, and to the first one's supervisor.
pub async fn named(crew: &Crew, bundle: &Bundle, outcome: &CloseOutcome, password: &str) -> Result<Vec<User>> {
    // Who has left since could not sign in.
    let stays = |person: &PersonIx| bundle.person(*person).employments.last().is_some_and(|e| e.left_on.is_none());
    let people: Vec<_> = spotlight(outcome).into_iter().filter(stays).collect();
    let (Some(first), Some(last)) = (people.first().copied(), people.last().copied()) else { return Ok(Vec::new()) };
    let mut users = Vec::new();
    for person in if first == last { vec![first] } else { vec![first, last] } {
        users.push(user(crew, bundle, outcome, person, ("agent", own()), password).await?);
    }
    let unit = &bundle.person(first).home(bundle.period.to).org_unit;
    let account = bundle.accounts.iter().position(|account| account.team.as_ref() == Some(unit));
    let above = |unit_of: &str| unit.strip_prefix(unit_of).is_some_and(|rest| rest.starts_with('/'));
    let manager = bundle.people.iter().position(|person| above(&person.home(bundle.period.to).org_unit));
    if let (Some(account), Some(manager)) = (account, manager) {
        let team = (identity::ScopeKind::Unit, outcome.ids.places[account].0.clone());
        let manager = PersonIx(manager as u32);
        users.push(user(crew, bundle, outcome, manager, ("supervisor", team), password).await?);
    }
    Ok(users)
}

type Scope = (identity::ScopeKind, String);

fn own() -> Scope {
    (identity::ScopeKind::Self_, String::new())
}

/// A login by employee number with one role.
async fn user(
    crew: &Crew,
    bundle: &Bundle,
    outcome: &CloseOutcome,
    person: PersonIx,
    (role, (scope, scope_ref)): (&'static str, Scope),
    password: &str,
) -> Result<User> {
    let who = bundle.person(person);
    let admin = &crew.admin;
    let ask = identity::CreateLoginRequest {
        login: who.employee_no.clone(),
        password: password.to_owned(),
        person_id: outcome.ids.people[person.0 as usize].clone(),
        ..Default::default()
    };
    let mut sessions = identity::session_service_client::SessionServiceClient::new(admin.at.identity.clone());
    let principal_id = sessions.create_login(admin.ask(ask)).await.map_err(told)?.into_inner().principal_id;
    let grant = identity::Grant {
        principal_id,
        role: role.to_owned(),
        scope: scope.into(),
        scope_ref,
        valid_from: tally_identity::ALWAYS.to_string(),
        reason: "shows what this role sees".to_owned(),
        ..Default::default()
    };
    let ask = identity::GrantRoleRequest { grant: Some(grant), ..Default::default() };
    let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
    access.grant_role(admin.ask(ask)).await.map_err(told)?;
    let about = format!("{}, {}", who.name, who.home(bundle.period.to).org_unit);
    Ok(User { login: who.employee_no.clone(), role, about })
}

/// Whether an error says that the store holds a group already.
pub fn initialised(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|told| told.reason == "INITIALISED_ALREADY")
}

/// A person's profile; nothing where talent has not heard of the cycle in time.
pub async fn profile(crew: &Crew, person_id: &str) -> Result<Option<talent::Profile>> {
    let mut client = talent::profile_service_client::ProfileServiceClient::new(crew.auditor.at.talent.clone());
    let until = Instant::now() + PATIENCE;
    loop {
        let ask = talent::GetProfileRequest { person_id: person_id.to_owned() };
        match client.get_profile(crew.auditor.ask(ask)).await {
            Ok(reply) => return Ok(reply.into_inner().profile),
            Err(status) if status.code() != Code::NotFound => return Err(told(status)),
            Err(_) if Instant::now() >= until => return Ok(None),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
