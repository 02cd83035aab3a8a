//! Roles of the group's own, modules, questions about access, delegations, and an emergency that every service notices.

use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_kernel::Clock;
use tally_rpc::RpcChannel;
use tally_suite::session::Session;
use tonic::Code;

use super::sign_in::{begin_second_factor, code_now};
use crate::journey::{Done, PASSWORD, agent};
use crate::stack::Stack;

type Checks = identity::check_service_client::CheckServiceClient<RpcChannel>;
type Glasses = identity::break_glass_service_client::BreakGlassServiceClient<RpcChannel>;

/// Does them all.
pub async fn journey(stack: &Stack, done: &Done) {
    roles(&done.crew.admin).await;
    modules(done).await;
    questions(done).await;
    themselves(done).await;
    delegation(done).await;
    emergency(done).await;
    of_others(done).await;
    review(stack, done).await;
}

async fn roles(admin: &Session) {
    let mut roles = identity::role_service_client::RoleServiceClient::new(admin.at.identity.clone());
    let role = identity::Role {
        name: "cashier".into(),
        description: "posts what others approved".into(),
        permissions: vec!["compensation.settlement.post".into()],
        scopes: vec![identity::ScopeKind::Tenant.into()],
        ..Default::default()
    };
    let ask =
        identity::DefineRoleRequest { request_id: "cashier".into(), role: Some(role), reason: "a journey".into() };
    let made = roles.define_role(admin.ask(ask)).await.expect("a role").into_inner().role.expect("a role");
    assert_eq!(made.version, 1);
    let listed = roles.list_roles(admin.ask(identity::ListRolesRequest {})).await.expect("roles").into_inner().roles;
    assert!(listed.iter().any(|role| role.name == "cashier" && !role.ready));
    let ask = identity::RetireRoleRequest { name: "cashier".into(), ..Default::default() };
    roles.retire_role(admin.ask(ask)).await.expect("nobody has it");
}

/// A login of its own with a role on the whole group.
pub async fn somebody(admin: &Session, login: &str, role: &str) -> Session {
    somebody_on(admin, login, role, (identity::ScopeKind::Tenant, "")).await
}

/// The same with the role on a scope.
pub async fn somebody_on(
    admin: &Session,
    login: &str,
    role: &str,
    (scope, scope_ref): (identity::ScopeKind, &str),
) -> Session {
    let mut sessions = identity::session_service_client::SessionServiceClient::new(admin.at.identity.clone());
    let ask = identity::CreateLoginRequest { login: login.into(), password: PASSWORD.into(), ..Default::default() };
    let principal_id = sessions.create_login(admin.ask(ask)).await.expect("a login").into_inner().principal_id;
    let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
    let grant = identity::Grant {
        principal_id,
        role: role.into(),
        scope: scope.into(),
        scope_ref: scope_ref.into(),
        valid_from: "2026-01-01".into(),
        reason: "a journey".into(),
        ..Default::default()
    };
    let ask = identity::GrantRoleRequest { grant: Some(grant), ..Default::default() };
    access.grant_role(admin.ask(ask)).await.expect("a grant");
    Session::sign_in(&admin.at, login, PASSWORD).await.expect("a session")
}

/// A module that is taken away is gone in every service, and comes back.
async fn modules(done: &Done) {
    let operator = somebody(&done.crew.admin, "vendor", "platform_operator").await;
    let mut modules = identity::entitlement_service_client::EntitlementServiceClient::new(operator.at.identity.clone());
    let all = modules.get_modules(operator.ask(identity::GetModulesRequest {})).await.expect("modules").into_inner();
    let set = |modules: Vec<String>| identity::SetModulesRequest { modules, ..Default::default() };
    modules.set_modules(operator.ask(set(vec!["attendance".into()]))).await.expect("one module");
    let refused = cards(&done.crew.auditor, done).await.expect_err("no module of performance");
    assert_eq!(tally_rpc::error_from(refused).reason(), "MODULE_NOT_ENTITLED");
    modules.set_modules(operator.ask(set(all.modules))).await.expect("all modules");
    cards(&done.crew.auditor, done).await.expect("cards again");
}

/// Cards, read with a consistency token, so that a view of a second ago is not good enough.
async fn cards(who: &Session, done: &Done) -> Result<usize, tonic::Status> {
    let mut cards = performance::card_service_client::CardServiceClient::new(who.at.performance.clone());
    let cycle_id = done.outcome.cycle_id.clone();
    let ask = performance::ListCardsRequest { cycle_id, page_size: 1_000, ..Default::default() };
    let mut ask = who.ask(ask);
    ask.metadata_mut().insert(tally_rpc::CONSISTENCY, "now".parse().expect("metadata"));
    Ok(cards.list_cards(ask).await?.into_inner().cards.len())
}

fn question(permission: &str) -> identity::CheckRequest {
    identity::CheckRequest { permission: permission.into(), ..Default::default() }
}

async fn questions(done: &Done) {
    let hr = &done.crew.hr;
    let mut checks = Checks::new(hr.at.identity.clone());
    let [may, may_not] = ["performance.cycle.close", "compensation.statement.read_pay"];
    let yes = checks.check(hr.ask(question(may))).await.expect("an answer").into_inner();
    assert!(yes.allowed && !yes.consistency_token.is_empty());
    let ask = identity::BatchCheckRequest { checks: vec![question(may), question(may_not)] };
    assert_eq!(checks.batch_check(hr.ask(ask)).await.expect("answers").into_inner().allowed, [true, false]);
    let ask = identity::ExplainRequest { check: Some(question(may_not)) };
    let why = checks.explain(hr.ask(ask)).await.expect("reasons").into_inner();
    assert!(!why.allowed && why.roles.iter().any(|role| role == "approver"), "{why:?}");
    assert!(why.could_be_granted_by.contains(&done.crew.admin.principal_id), "{why:?}");
    let ask = identity::ListAllowedRequest { permission: may.into(), ..Default::default() };
    assert!(checks.list_allowed(hr.ask(ask)).await.expect("a reach").into_inner().tenant);
    let auditor = &done.crew.auditor;
    let ask = identity::ReviewAccessRequest { permission: may_not.into(), ..Default::default() };
    let rows = checks.review_access(auditor.ask(ask)).await.expect("a review").into_inner().rows;
    let holders: Vec<_> = rows.iter().map(|row| row.login.as_str()).collect();
    assert!(holders.contains(&"approver") && !holders.contains(&"hr"), "{holders:?}");
}

/// Everybody is told who they are and what they may do; who else signs in is told to auditors.
async fn themselves(done: &Done) {
    let (hr, auditor) = (&done.crew.hr, &done.crew.auditor);
    let own = async |who: &Session| {
        let mut checks = Checks::new(who.at.identity.clone());
        checks.get_own_access(who.ask(identity::GetOwnAccessRequest {})).await.expect("oneself").into_inner()
    };
    let me = own(hr).await;
    let may = |permission: &str| me.permissions.iter().any(|own| own.permission == permission);
    assert_eq!((me.login.as_str(), may("performance.cycle.close")), ("hr", true), "{me:?}");
    assert!(!may("compensation.statement.read_pay"), "{me:?}");
    let mut logins = identity::login_service_client::LoginServiceClient::new(auditor.at.identity.clone());
    let ask = identity::ListLoginsRequest { page_size: 1_000, ..Default::default() };
    let listed = logins.list_logins(auditor.ask(ask.clone())).await.expect("logins").into_inner().logins;
    assert!(listed.iter().any(|login| login.principal_id == me.principal_id), "{listed:?}");
    let refused = logins.list_logins(done.crew.approver.ask(ask)).await.expect_err("somebody who approves pay");
    assert_eq!(refused.code(), Code::PermissionDenied);
}

async fn delegation(done: &Done) {
    let (approver, deputy) = (&done.crew.approver, somebody(&done.crew.admin, "deputy", "platform_operator").await);
    let refused = cards(&deputy, done).await.expect_err("an operator sees nobody's score");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let mut delegations =
        identity::delegation_service_client::DelegationServiceClient::new(approver.at.identity.clone());
    let until = prost_types::Timestamp { seconds: Clock::System.now().as_second() + 3_600, nanos: 0 };
    let delegation = identity::Delegation {
        delegate_id: deputy.principal_id.clone(),
        permissions: vec!["performance.card.read".into()],
        until: Some(until),
        reason: "a holiday".into(),
        ..Default::default()
    };
    let ask = identity::DelegateRequest { delegation: Some(delegation), ..Default::default() };
    let delegated = delegations.delegate(approver.ask(ask)).await.expect("a delegation").into_inner();
    assert!(cards(&deputy, done).await.expect("what was delegated") > 0, "delegated rights hold in every service");
    let mine = delegations.list_delegations(deputy.ask(identity::ListDelegationsRequest::default())).await;
    assert_eq!(mine.expect("a list").into_inner().delegations.len(), 1);
    let delegation_id = delegated.delegation.expect("a delegation").delegation_id;
    let ask = identity::EndDelegationRequest { delegation_id, ..Default::default() };
    delegations.end_delegation(approver.ask(ask)).await.expect("an end");
    assert_eq!(cards(&deputy, done).await.expect_err("it was taken back").code(), Code::PermissionDenied);
}

/// An emergency opens scores for a while, and each row that is read is in the audit log of the service that showed it.
async fn emergency(done: &Done) {
    let operator = somebody(&done.crew.admin, "nightwatch", "platform_operator").await;
    let (secret, codes) = begin_second_factor(&operator.at, &operator.token()).await;
    let ask = identity::SignInRequest {
        login: "nightwatch".into(),
        password: PASSWORD.into(),
        code: codes[0].clone(),
        ..Default::default()
    };
    let operator = Session::sign_in_as(&operator.at, ask).await.expect("a session with a second factor");
    let mut glasses = Glasses::new(operator.at.identity.clone());
    let open = |code: String| identity::OpenBreakGlassRequest {
        permissions: vec!["performance.card.read".into()],
        scope: identity::ScopeKind::Tenant.into(),
        reason: "a journey wants to know what an emergency shows".into(),
        ticket: "INC-1".into(),
        minutes: 5,
        code,
        ..Default::default()
    };
    let wrong = glasses.open_break_glass(operator.ask(open("000000".into()))).await.expect_err("a wrong code");
    assert_eq!(tally_rpc::error_from(wrong).reason(), "SECOND_FACTOR_WRONG");
    // The code of the next half minute: the one of now was used to confirm the factor.
    let opened = glasses.open_break_glass(operator.ask(open(code_now(&secret, 1)))).await.expect("an emergency");
    let break_glass_id = opened.into_inner().break_glass.expect("an emergency").break_glass_id;
    let seen = cards(&operator, done).await.expect("cards");
    let end = identity::EndBreakGlassRequest { break_glass_id: break_glass_id.clone(), ..Default::default() };
    glasses.end_break_glass(operator.ask(end)).await.expect("an end");
    assert_eq!(cards(&operator, done).await.expect_err("it is over").code(), Code::PermissionDenied);
    let auditor = &done.crew.auditor;
    let ask = identity::ReviewBreakGlassRequest {
        break_glass_id: break_glass_id.clone(),
        finding: "it was a test".into(),
        ..Default::default()
    };
    glasses.review_break_glass(auditor.ask(ask)).await.expect("a review");
    let listed = glasses.list_break_glasses(auditor.ask(identity::ListBreakGlassesRequest::default())).await;
    assert_eq!(listed.expect("a list").into_inner().break_glasses[0].finding, "it was a test");
    let mut log = performance::audit_service_client::AuditServiceClient::new(auditor.at.performance.clone());
    for (_, card) in &done.outcome.cards[..seen] {
        let ask = tally_api::common::v1::SearchAuditRequest { person_id: card.person_id.clone(), ..Default::default() };
        let entries = log.search_audit(auditor.ask(ask)).await.expect("entries").into_inner().entries;
        assert!(entries.iter().any(|e| e.notes.contains(&break_glass_id)), "{} was seen: {entries:?}", card.person_id);
    }
}

/// What tells of others, asked for by who may.
async fn of_others(done: &Done) {
    let (who, other) = (&done.crew.auditor, &done.crew.approver);
    let mut checks = identity::check_service_client::CheckServiceClient::new(who.at.identity.clone());
    let check = identity::CheckRequest {
        principal_id: other.principal_id.clone(),
        permission: "compensation.settlement.approve".into(),
        ..Default::default()
    };
    let why = checks.explain(who.ask(identity::ExplainRequest { check: Some(check) })).await.expect("reasons");
    assert!(why.into_inner().allowed);
    let mut delegations = identity::delegation_service_client::DelegationServiceClient::new(who.at.identity.clone());
    let ask = identity::ListDelegationsRequest { principal_id: other.principal_id.clone(), ..Default::default() };
    let delegated = delegations.list_delegations(who.ask(ask)).await.expect("delegations").into_inner().delegations;
    assert!(!delegated.is_empty(), "the approver has delegated something");
    let admin = &done.crew.admin;
    let mut sessions = identity::session_service_client::SessionServiceClient::new(admin.at.identity.clone());
    let ask = identity::ListSessionsRequest { principal_id: who.principal_id.clone(), ..Default::default() };
    assert!(!sessions.list_sessions(admin.ask(ask)).await.expect("sessions").into_inner().sessions.is_empty());
}

/// Who can read pay, since when, granted by whom: as CSV, by the program itself.
async fn review(stack: &Stack, done: &Done) {
    let (_, card) = done.outcome.cards.first().expect("a best card");
    agent(done, &card.person_id, "agent-one").await;
    let review = async |who: &Session, permission: &str| {
        let file = stack.folder.path().join("token");
        std::fs::write(&file, who.token()).expect("a file");
        let file = file.to_str().expect("a path in UTF-8");
        let ask = ["access", "review", permission, "--token-file", file];
        let output = stack.tally(&ask).output().await.expect("the program runs");
        let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("text"));
        (output.status.code(), out, err)
    };
    let pay = "compensation.statement.read_pay";
    let (code, told, err) = review(&done.crew.auditor, pay).await;
    assert_eq!(code, Some(0), "{}: {err}", stack.name);
    let head = "\u{feff}source,id,principal,login,person,role,scope,scope_ref,from,until,in_force,second_factor,hours,given_by,\
                given_at,reason";
    assert_eq!(told.lines().next(), Some(head));
    let of = |login: &str| told.lines().find(|row| row.split(',').nth(3) == Some(login)).unwrap_or_default();
    for (login, role) in [("auditor", "auditor"), ("payroll", "compensation_specialist"), ("agent-one", "agent")] {
        let row = of(login);
        let given_by = row.split(',').nth(13).unwrap_or_default();
        assert!(row.contains(&format!(",{role},")) && given_by == done.crew.admin.principal_id, "{login} in {told}");
    }
    assert_eq!(of("hr"), "", "{}: who pays nobody does not read pay", stack.name);
    // What was delegated and what an emergency opened stand beside the grants, though both are over.
    let (_, told, _) = review(&done.crew.auditor, "performance.card.read").await;
    for source in ["delegation", "break_glass"] {
        let row = told.lines().find(|row| row.starts_with(source)).unwrap_or_default();
        assert_eq!(row.split(',').nth(10), Some("false"), "{}: {source} in {told}", stack.name);
    }
    let (code, told, err) = review(&done.crew.preparer, pay).await;
    assert_eq!((code, told.as_str()), (Some(1), ""), "{}", stack.name);
    assert!(err.contains("identity.grant.read"), "{}: {err}", stack.name);
}
