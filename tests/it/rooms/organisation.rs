//! Changes of the group, its units, its people, who reports to whom, and who may do what.

use tally_api::identity::v1 as identity;
use tally_api::identity::v1::change_employment_request::Change;
use tally_suite::session::Session;
use tonic::Code;

use crate::journey::{Done, PASSWORD};
use crate::stack::Stack;

/// Does them all, and looks at what came of each.
pub async fn journey(_: &Stack, done: &Done) {
    let units = units(done).await;
    positions(done).await;
    rates(done).await;
    employments(done, &units).await;
    personal(done).await;
    lines(done).await;
    moves_and_an_end(done).await;
    what_is_held(done).await;
    suspension(done).await;
    grants(done).await;
}

/// Units that nobody needs, below the branch of the worst card's person: those that stay.
async fn units(done: &Done) -> Vec<identity::OrgUnit> {
    let hr = &done.crew.hr;
    let (_, card) = done.outcome.cards.last().expect("a card");
    let employment = person(hr, &card.person_id).await.employments.pop().expect("an employment");
    let branch = employment.unit_path.split('/').next().expect("a branch").to_owned();
    let mut org = identity::org_service_client::OrgServiceClient::new(hr.at.identity.clone());
    let row = |name: &str| identity::OrgUnitRow {
        path: format!("{branch}/Odd jobs/{name}"),
        valid_from: "2026-01-01".into(),
        ..Default::default()
    };
    let rows = ["A", "B", "C"].map(row).into();
    let ask = identity::ImportOrgUnitsRequest { rows, ..Default::default() };
    let written = org.import_org_units(hr.ask(ask)).await.expect("units").into_inner().result.expect("a result");
    assert_eq!((written.written, written.problems.len()), (3, 0), "{written:?}");
    let ask = identity::ListOrgUnitsRequest { page_size: 1000, ..Default::default() };
    let all = org.list_org_units(hr.ask(ask)).await.expect("units").into_inner().units;
    let of = |path: &str| {
        let path = format!("{branch}/{path}");
        all.iter().find(|unit| unit.path == path).cloned().unwrap_or_else(|| panic!("no unit {path}"))
    };
    let (odd, [a, b, c]) = (of("Odd jobs"), ["Odd jobs/A", "Odd jobs/B", "Odd jobs/C"].map(of));

    let from = || "2099-02-01".to_owned();
    let (unit_id, name) = (a.unit_id.clone(), "Sundry".to_owned());
    let ask = identity::RenameOrgUnitRequest { unit_id, name, from: from(), ..Default::default() };
    let renamed = org.rename_org_unit(hr.ask(ask)).await.expect("a new name").into_inner().unit.expect("a unit");
    assert!(renamed.path.ends_with("Odd jobs/Sundry"), "{renamed:?}");
    let ask = identity::CloseOrgUnitRequest { unit_id: c.unit_id, from: from(), ..Default::default() };
    let closed = org.close_org_unit(hr.ask(ask)).await.expect("a closed unit").into_inner().unit.expect("a unit");
    assert_eq!(closed.valid_to, "2099-01-31");
    let (unit_ids, into_id) = (vec![b.unit_id], odd.unit_id.clone());
    let ask = identity::MergeOrgUnitsRequest { unit_ids, into_id, from: from(), ..Default::default() };
    let merged = org.merge_org_units(hr.ask(ask)).await.expect("a merger").into_inner();
    assert_eq!((merged.moved, merged.unit.map(|unit| unit.unit_id)), (0, Some(odd.unit_id.clone())));
    vec![odd, a]
}

async fn positions(done: &Done) {
    let hr = &done.crew.hr;
    let mut catalogue = identity::catalogue_service_client::CatalogueServiceClient::new(hr.at.identity.clone());
    // From a day on that no import of this journey reaches.
    let row = identity::CatalogueRow {
        kind: identity::CatalogueKind::Position.into(),
        code: "time traveller".into(),
        valid_from: "2150-01-01".into(),
        ..Default::default()
    };
    let ask = identity::ImportCatalogueRequest { rows: vec![row], ..Default::default() };
    let written = catalogue.import_catalogue(hr.ask(ask)).await.expect("a position").into_inner().result;
    assert_eq!(written.map(|result| result.written), Some(1));
    let ask = identity::ListCatalogueRequest { as_of: "2150-01-01".into(), ..Default::default() };
    let listed = catalogue.list_catalogue(hr.ask(ask)).await.expect("positions").into_inner().entries;
    assert_eq!(listed.len(), 1);
}

async fn rates(done: &Done) {
    let hr = &done.crew.hr;
    let mut client = identity::rate_service_client::RateServiceClient::new(hr.at.identity.clone());
    let row = |base: &str, rate: &str| identity::RateRow {
        base: base.into(),
        quote: "CNY".into(),
        rate: rate.into(),
        valid_from: "2150-01-01".into(),
        source: "a treaty of Mars".into(),
    };
    let ask = identity::SetRatesRequest { rows: vec![row("USD", "7.1"), row("EUR", "0")], ..Default::default() };
    let result = client.set_rates(hr.ask(ask)).await.expect("rates").into_inner().result.expect("a result");
    assert_eq!((result.written, result.problems.len()), (1, 1), "{result:?}");
    let ask = identity::ListRatesRequest { from: "2150-01-02".into(), ..Default::default() };
    let listed = client.list_rates(hr.ask(ask)).await.expect("rates").into_inner().rates;
    let told: Vec<_> = listed.iter().map(|rate| (rate.base.as_str(), rate.rate.as_str())).collect();
    assert_eq!(told, [("USD", "7.1")], "it holds until the next");
}

async fn employments(done: &Done, units: &[identity::OrgUnit]) {
    let hr = &done.crew.hr;
    let (_, card) = done.outcome.cards.last().expect("a card");
    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    let before = person(hr, &card.person_id).await;
    let terms = |unit: &identity::OrgUnit| identity::Terms { unit_id: unit.unit_id.clone(), ..Default::default() };
    let [odd, a] = units else { panic!("two units") };
    let transfer =
        identity::Transfer { employment_id: String::new(), terms: Some(terms(odd)), from: "2099-06-01".into() };
    let post = identity::NewPost {
        post: identity::Post::Secondment.into(),
        terms: Some(terms(a)),
        from: "2099-07-01".into(),
        to: "2099-08-31".into(),
    };
    for change in [Change::Transfer(transfer), Change::Post(post)] {
        let (person_id, change) = (card.person_id.clone(), Some(change));
        let ask = identity::ChangeEmploymentRequest { person_id, change, ..Default::default() };
        people.change_employment(hr.ask(ask)).await.expect("a change");
    }
    let (person_id, name) = (card.person_id.clone(), "Right Name".to_owned());
    let ask = identity::RectifyPersonRequest { person_id, name, ..Default::default() };
    people.rectify_person(hr.ask(ask)).await.expect("a right name");
    let after = person(hr, &card.person_id).await;
    assert_eq!(after.name, "Right Name");
    assert_eq!(after.employments.len(), before.employments.len() + 2, "{after:?}");
    let (person_id, as_of) = (card.person_id.clone(), "2099-07-15".to_owned());
    let ask = identity::GetPersonRequest { person_id, as_of, ..Default::default() };
    let then = people.get_person(hr.ask(ask)).await.expect("a person").into_inner().person.expect("a person");
    let units: Vec<_> = then.employments.iter().map(|e| (e.post(), e.unit_id.as_str())).collect();
    let expected = [(identity::Post::Home, odd.unit_id.as_str()), (identity::Post::Secondment, a.unit_id.as_str())];
    assert_eq!(units, expected);
}

/// What is kept under a person's own key: shown to HR, and each sight written down.
async fn personal(done: &Done) {
    let hr = &done.crew.hr;
    let (_, card) = done.outcome.cards.first().expect("a card");
    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    let (person_id, id_number) = (card.person_id.clone(), "440524188001010014".to_owned());
    let ask = identity::RectifyPersonRequest { person_id: person_id.clone(), id_number, ..Default::default() };
    people.rectify_person(hr.ask(ask)).await.expect("an identity number");
    let leave = identity::NewLeave {
        from: "2098-03-01".into(),
        to: "2098-03-31".into(),
        kind: identity::LeaveKind::Parental.into(),
        reason: "a month with the child".into(),
    };
    let ask = identity::ChangeEmploymentRequest {
        person_id: person_id.clone(),
        change: Some(Change::Leave(leave)),
        ..Default::default()
    };
    people.change_employment(hr.ask(ask)).await.expect("a leave");
    let ask = identity::GetPersonRequest { id_number: "440524 18800101 0014".into(), ..Default::default() };
    let found = people.get_person(hr.ask(ask)).await.expect("a person").into_inner();
    assert!(found.masked_fields.is_empty(), "{:?}", found.masked_fields);
    let found = found.person.expect("a person");
    assert_eq!((&found.person_id, found.id_number.as_str()), (&person_id, "440524188001010014"));
    assert_eq!(found.leaves.last().map(|leave| leave.reason.as_str()), Some("a month with the child"));
    let ask = identity::ListPeopleRequest { page_size: 1000, ..Default::default() };
    let listed = people.list_people(done.crew.admin.ask(ask.clone())).await.expect("people").into_inner();
    assert_eq!(listed.masked_fields, ["people.id_number", "people.leaves.kind", "people.leaves.reason"]);
    let listed = people.list_people(hr.ask(ask)).await.expect("people").into_inner();
    assert!(listed.masked_fields.is_empty() && listed.people.contains(&found));
}

async fn lines(done: &Done) {
    let hr = &done.crew.hr;
    let (_, manager) = done.outcome.cards.first().expect("a card");
    let home = person(hr, &manager.person_id).await.employments.pop().expect("an employment").region;
    let mut of_region = None;
    for (_, card) in done.outcome.cards.iter().skip(1) {
        if person(hr, &card.person_id).await.employments.last().is_some_and(|e| e.region == home) {
            of_region = Some(card.person_id.clone());
            break;
        }
    }
    let mut lines = identity::reporting_service_client::ReportingServiceClient::new(hr.at.identity.clone());
    let ask = identity::SetReportingLineRequest {
        person_id: of_region.expect("a colleague"),
        manager_id: manager.person_id.clone(),
        kind: identity::ReportingLineKind::Solid.into(),
        from: "2098-01-01".into(),
        to: String::new(),
        ..Default::default()
    };
    let line = lines.set_reporting_line(hr.ask(ask)).await.expect("a line").into_inner().line.expect("a line");
    let ask = identity::ListReportingLinesRequest { as_of: "2098-06-01".into(), ..Default::default() };
    let listed = lines.list_reporting_lines(hr.ask(ask)).await.expect("lines").into_inner().lines;
    assert_eq!(listed, std::slice::from_ref(&line));
    let last_day = "2098-12-31".to_owned();
    let ask = identity::EndReportingLineRequest { line_id: line.line_id, last_day, ..Default::default() };
    let ended = lines.end_reporting_line(hr.ask(ask)).await.expect("an end").into_inner().line.expect("a line");
    assert_eq!(ended.to, "2098-12-31");
}

async fn moves_and_an_end(done: &Done) {
    let hr = &done.crew.hr;
    let mut org = identity::org_service_client::OrgServiceClient::new(hr.at.identity.clone());
    let ask = identity::ListOrgUnitsRequest { page_size: 1000, ..Default::default() };
    let units = org.list_org_units(hr.ask(ask)).await.expect("units").into_inner().units;
    let of = |kind: identity::OrgUnitKind| units.iter().filter(move |unit| unit.kind() == kind);
    // A team, and a unit of its region that it hangs neither on nor above.
    let elsewhere = |team: &identity::OrgUnit| {
        let below = format!("{}/", team.path);
        let others = units.iter().filter(move |unit| ![&team.unit_id, &team.parent_id].contains(&&unit.unit_id));
        others.filter(|unit| unit.region == team.region).find(|unit| !unit.path.starts_with(&below))
    };
    let (team, parent) = of(identity::OrgUnitKind::Team)
        .find_map(|team| elsewhere(team).map(|parent| (team, parent)))
        .expect("a team that can go elsewhere");
    let ask = |parent: &str| identity::MoveOrgUnitRequest {
        unit_id: team.unit_id.clone(),
        parent_id: parent.to_owned(),
        from: "2099-01-01".into(),
        ..Default::default()
    };
    let refused = org.move_org_unit(hr.ask(ask(&team.unit_id))).await.expect_err("a unit below itself");
    assert!(matches!(refused.code(), Code::InvalidArgument | Code::FailedPrecondition), "{refused:?}");
    let refused = org.move_org_unit(hr.ask(ask(&team.parent_id))).await.expect_err("where it hangs already");
    assert_eq!(tally_rpc::error_from(refused).reason(), "NOTHING_CHANGES");
    let moved = org.move_org_unit(hr.ask(ask(&parent.unit_id))).await.expect("a move").into_inner().unit;
    let path = format!("{}/{}", parent.path, team.name);
    assert_eq!(moved.map(|unit| (unit.parent_id, unit.path)), Some((parent.unit_id.clone(), path.clone())));
    for (as_of, path) in [("2098-12-31", &team.path), ("2099-01-01", &path)] {
        let (as_of, unit_ids) = (as_of.to_owned(), vec![team.unit_id.clone()]);
        let ask = identity::ListOrgUnitsRequest { as_of, unit_ids, page_size: 10, ..Default::default() };
        let told = org.list_org_units(hr.ask(ask)).await.expect("units").into_inner().units;
        assert_eq!(told.iter().map(|unit| &unit.path).collect::<Vec<_>>(), [path]);
    }

    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    let (_, card) = done.outcome.cards.last().expect("a card");
    let ask = identity::EndEmploymentRequest {
        request_id: "end-1".into(),
        person_id: card.person_id.clone(),
        last_day: "2099-12-31".into(),
    };
    let ended =
        people.end_employment(hr.ask(ask.clone())).await.expect("an end").into_inner().person.expect("a person");
    let home = ended.employments.iter().rfind(|e| e.post() == identity::Post::Home);
    assert_eq!(home.map(|e| e.to.as_str()), Some("2099-12-31"));
    let again =
        people.end_employment(hr.ask(ask)).await.expect("the same result").into_inner().person.expect("a person");
    assert_eq!(again, ended, "the same request id gives the same result");
}

/// Takes out what identity holds, of the group and of one person.
async fn what_is_held(done: &Done) {
    let admin = &done.crew.admin;
    let mut tenants = identity::tenant_service_client::TenantServiceClient::new(admin.at.identity.clone());
    let parts = tenants.export_tenant(admin.ask(identity::ExportTenantRequest {})).await.expect("an export");
    let (mut parts, mut people) = (parts.into_inner(), 0);
    while let Some(part) = parts.message().await.expect("a part") {
        let piece = part.piece.expect("a piece");
        people += if piece.table == "people" { piece.rows } else { 0 };
    }
    assert_eq!(people as usize, done.reading.bundle.people.len());
    let (_, card) = done.outcome.cards.first().expect("a card");
    let mut client = identity::person_service_client::PersonServiceClient::new(admin.at.identity.clone());
    let ask = identity::ExportPersonRequest { person_id: card.person_id.clone() };
    let parts = client.export_person(admin.ask(ask)).await.expect("an export").into_inner().parts;
    assert!(parts.iter().any(|part| part.table == "employments" && !part.rows.is_empty()), "{parts:?}");
}

/// Adds a region, and suspends the group for a moment. No other service is called meanwhile: what they know of it lives on
/// for a second.
async fn suspension(done: &Done) {
    let admin = &done.crew.admin;
    let mut tenants = identity::tenant_service_client::TenantServiceClient::new(admin.at.identity.clone());
    let ask = identity::AddRegionRequest { region: "moon-1".into(), ..Default::default() };
    let group = tenants.add_region(admin.ask(ask)).await.expect("a region").into_inner().tenant.expect("a group");
    assert!(group.regions.contains(&"moon-1".to_owned()), "{group:?}");
    let operator = operator(done).await;
    let ask = identity::SuspendTenantRequest { reason: "a drill".into(), ..Default::default() };
    tenants.suspend_tenant(operator.ask(ask)).await.expect("a suspension");
    let mut org = identity::org_service_client::OrgServiceClient::new(admin.at.identity.clone());
    let refused = org.list_org_units(admin.ask(identity::ListOrgUnitsRequest::default())).await.expect_err("units");
    assert_eq!(tally_rpc::error_from(refused).reason(), "TENANT_SUSPENDED");
    let ask = identity::ResumeTenantRequest::default();
    let group = tenants.resume_tenant(operator.ask(ask)).await.expect("an end").into_inner().tenant.expect("a group");
    assert_eq!(group.suspended_at, None);
    org.list_org_units(admin.ask(identity::ListOrgUnitsRequest::default())).await.expect("units");
}

/// Somebody who keeps the group running.
async fn operator(done: &Done) -> Session {
    let admin = &done.crew.admin;
    let mut sessions = identity::session_service_client::SessionServiceClient::new(admin.at.identity.clone());
    let ask = identity::CreateLoginRequest {
        login: "operator".into(),
        password: PASSWORD.into(),
        person_id: String::new(),
        ..Default::default()
    };
    let principal_id = sessions.create_login(admin.ask(ask)).await.expect("a login").into_inner().principal_id;
    let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
    let grant = identity::Grant {
        principal_id,
        role: "platform_operator".into(),
        scope: identity::ScopeKind::Tenant.into(),
        valid_from: "2026-01-01".into(),
        reason: "keeps it running".into(),
        ..Default::default()
    };
    let ask = identity::GrantRoleRequest { grant: Some(grant), ..Default::default() };
    access.grant_role(admin.ask(ask)).await.expect("a grant");
    Session::sign_in(&admin.at, "operator", PASSWORD).await.expect("a session")
}

async fn person(hr: &Session, person_id: &str) -> identity::Person {
    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    let ask = identity::GetPersonRequest { person_id: person_id.to_owned(), ..Default::default() };
    people.get_person(hr.ask(ask)).await.expect("a person").into_inner().person.expect("a person")
}

async fn grants(done: &Done) {
    let admin = &done.crew.admin;
    let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
    let principal_id = done.crew.approver.principal_id.clone();
    let ask = identity::ListGrantsRequest { principal_id, page_size: 0, page_token: String::new() };
    let grants = access.list_grants(admin.ask(ask)).await.expect("grants").into_inner().grants;
    let grant_id = grants.first().expect("the approver's grant").grant_id.clone();
    // Nobody may take from himself the last way to administer the group.
    let own = identity::ListGrantsRequest { principal_id: admin.principal_id.clone(), ..Default::default() };
    let own = access.list_grants(admin.ask(own)).await.expect("grants").into_inner().grants;
    let last = identity::RevokeGrantRequest {
        grant_id: own.first().expect("the administrator's grant").grant_id.clone(),
        reason: "a slip".into(),
        ..Default::default()
    };
    let refused = access.revoke_grant(admin.ask(last)).await.expect_err("the last administrator");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    let other = grants.iter().find(|grant| grant.role != "approver").map(|grant| grant.grant_id.clone());
    let spare = spare_grant(done).await;
    let ask = identity::RevokeGrantRequest {
        grant_id: other.unwrap_or(spare),
        reason: "no longer needed".into(),
        ..Default::default()
    };
    let token = access.revoke_grant(admin.ask(ask)).await.expect("a revocation").into_inner().consistency_token;
    assert!(!token.is_empty() && !grant_id.is_empty());
}

/// A grant that nobody needs.
async fn spare_grant(done: &Done) -> String {
    let admin = &done.crew.admin;
    let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
    let grant = identity::Grant {
        principal_id: done.crew.approver.principal_id.clone(),
        role: "auditor".into(),
        scope: identity::ScopeKind::Tenant.into(),
        valid_from: "2026-01-01".into(),
        reason: "for a day".into(),
        ..Default::default()
    };
    let ask = identity::GrantRoleRequest { grant: Some(grant), ..Default::default() };
    access.grant_role(admin.ask(ask)).await.expect("a grant").into_inner().grant.expect("a grant").grant_id
}
