//! The main job, from files to statements, on one process and on five: the same code, the same digest.

use std::path::Path;

use tally_api::compensation::v1 as compensation;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_api::talent::v1 as talent;
use tally_bundle::sheet::Csv;
use tally_bundle::{Options, Reading, read_bundle};
use tally_kernel::id::TenantId;
use tally_suite::close::{CloseOutcome, Crew, FORM, Job, Rejections, close};
use tally_suite::language::Language;
use tally_suite::progress::Progress;
use tally_suite::sample::{Lang, sample};
use tally_suite::session::Session;
use tally_testkit::databases::Backend;
use tally_testkit::eventually;
use tempfile::TempDir;
use tonic::Code;

use crate::stack::Stack;

/// Of everybody, in a test's own suite.
pub const PASSWORD: &str = "correct horse battery";

/// The journey of the main job.
pub const MONTH: &str = "month";

/// A job that was done.
pub struct Done {
    pub crew: Crew,
    pub reading: Reading,
    pub outcome: CloseOutcome,
    pub out: TempDir,
    pub tenant: TenantId,
}

/// Brings a small month into the suite and does the main job.
pub async fn main_job(stack: &Stack) -> Done {
    main_job_with(stack, |_| {}, None).await
}

/// For so many months duty and records are kept from now on.
pub async fn keeps(admin: &Session, months: u32) {
    for kind in ["attendance.aliases", "attendance.duty", "performance.records"] {
        let mut client = identity::retention_service_client::RetentionServiceClient::new(admin.at.identity.clone());
        let (kind, reason) = (kind.to_owned(), "a month of long ago".to_owned());
        let ask = identity::SetRetentionRequest { kind, months, reason, ..Default::default() };
        client.set_retention(admin.ask(ask)).await.expect("months");
    }
}

/// The same, with something changed in the folder of the bundle, and kept for so many months.
pub async fn main_job_with(stack: &Stack, change: impl FnOnce(&Path), months: Option<u32>) -> Done {
    let folder = TempDir::new().expect("a temporary folder");
    sample(7, 1_500, Lang::En).write_bundle(folder.path()).expect("a bundle");
    change(folder.path());
    let reading = read_bundle(folder.path(), Options::default(), &mut |_, _| {}).expect("a sound bundle");
    let crew = Crew::hire(&stack.channels, &reading.bundle, PASSWORD).await.expect("a crew");
    if let Some(months) = months {
        keeps(&crew.admin, months).await;
    }
    let out = TempDir::new().expect("a temporary folder");
    let job = Job {
        reading: &reading,
        rejected_before: Rejections::new(),
        out: out.path().to_owned(),
        form: FORM,
        csv: Csv::Plain,
        progress: &Progress::new(true, Language::En),
    };
    let outcome = Box::pin(close(&crew, job)).await.unwrap_or_else(|error| panic!("{}: {error:#}", stack.name));
    let mut tenants = identity::tenant_service_client::TenantServiceClient::new(stack.channels.identity.clone());
    let reply =
        tenants.get_tenant(crew.admin.ask(identity::GetTenantRequest {})).await.expect("the group").into_inner();
    let tenant = reply.tenant.expect("the group").tenant_id.parse().expect("an id");
    Done { crew, reading, outcome, out, tenant }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_and_five_give_the_same_result_to_the_byte() {
    let (here, there) = tokio::join!(Box::pin(month_on(Backend::Sqlite)), Box::pin(month_on(Backend::Postgres)));
    assert_eq!(here.outcome.summary, there.outcome.summary);
    for file in ["credits.csv", "attribution.csv", "score_cards.csv", "statements.csv", "findings.csv", "summary.json"]
    {
        let read = |done: &Done| std::fs::read_to_string(done.out.path().join(file)).expect("a result file");
        assert!(read(&here) == read(&there), "{file} differs");
    }
}

/// The main job alone, and what the people concerned see of it.
async fn month_on(on: Backend) -> Done {
    let mut stack = Stack::on(on).await;
    let done = main_job(&stack).await;
    look(&stack, &done).await;
    stack.end(&done, MONTH).await;
    done
}

/// Looks at the result as the people concerned do.
pub async fn look(stack: &Stack, done: &Done) {
    let summary = &done.outcome.summary;
    assert_eq!(summary.records, summary.credited + summary.unattributed, "{}", stack.name);
    let money = summary.paid_minor.zip(summary.team_fund_minor).map(|(paid, fund)| paid + fund);
    assert_eq!(money, summary.pool_minor, "{}", stack.name);
    assert!(summary.pool_minor.is_some_and(|pool| pool > 0), "{}: the sample has a pool", stack.name);
    assert!(summary.rungs.get("inferred").copied().unwrap_or(0) > 0, "{}: {:?}", stack.name, summary.rungs);

    let (_, card) = done.outcome.cards.first().expect("a best card");
    let person_id = card.person_id.clone();
    let agent = agent(done, &person_id, "agent-one").await;
    sees_own_and_nobody_elses(done, &agent, &person_id).await;
    talent_heard(done, &person_id).await;
}

/// A login of somebody's own, with the role of an agent.
pub async fn agent(done: &Done, person_id: &str, login: &str) -> Session {
    let admin = &done.crew.admin;
    let mut sessions = identity::session_service_client::SessionServiceClient::new(admin.at.identity.clone());
    let ask = identity::CreateLoginRequest {
        request_id: format!("login of {login}"),
        login: login.into(),
        password: PASSWORD.into(),
        person_id: person_id.into(),
    };
    let principal_id = sessions.create_login(admin.ask(ask)).await.expect("a login").into_inner().principal_id;
    let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
    let grant = identity::Grant {
        principal_id,
        role: "agent".into(),
        scope: identity::ScopeKind::Self_.into(),
        valid_from: "2026-01-01".into(),
        reason: "works here".into(),
        ..Default::default()
    };
    let ask = identity::GrantRoleRequest {
        request_id: format!("grant of {login}"),
        grant: Some(grant),
        ..Default::default()
    };
    access.grant_role(admin.ask(ask)).await.expect("a grant");
    Session::sign_in(&admin.at, login, PASSWORD).await.expect("a session")
}

async fn sees_own_and_nobody_elses(done: &Done, agent: &Session, person_id: &str) {
    let cycle_id = &done.outcome.cycle_id;
    let mut cards = performance::card_service_client::CardServiceClient::new(agent.at.performance.clone());
    let ask = |person: &str| performance::GetCardRequest {
        cycle_id: cycle_id.clone(),
        person_id: person.into(),
        ..Default::default()
    };
    let own = cards.get_card(agent.ask(ask(person_id))).await.expect("the own card").into_inner();
    assert_eq!(own.card.map(|card| card.rank), Some(1));
    let (_, other) = done.outcome.cards.last().expect("another card");
    let refused = cards.get_card(agent.ask(ask(&other.person_id))).await.expect_err("somebody else's card");
    assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
    let ask = performance::ListCardsRequest {
        cycle_id: cycle_id.clone(),
        page_size: 0,
        page_token: String::new(),
        ..Default::default()
    };
    let listed = cards.list_cards(agent.ask(ask)).await.expect("a list").into_inner();
    assert_eq!(listed.cards.len(), 1, "a list shows exactly what a get would allow");

    let settlement_id = done.outcome.settlement_id.clone().expect("a settlement");
    let channel = agent.at.compensation.clone();
    let mut statements = compensation::statement_service_client::StatementServiceClient::new(channel);
    let person = person_id.to_owned();
    let ask = compensation::GetStatementRequest { settlement_id: settlement_id.clone(), person_id: person.clone() };
    let own = statements.get_statement(agent.ask(ask)).await.expect("the own statement").into_inner();
    assert!(own.masked_fields.is_empty(), "{:?}", own.masked_fields);
    let statement = own.statement.expect("a statement");
    let sum: i64 = statement.lines.iter().filter_map(|line| line.amount.as_ref()).map(|money| money.minor).sum();
    assert_eq!(Some(sum), statement.amount.map(|money| money.minor));
    let ask = compensation::TraceStatementRequest {
        settlement_id: settlement_id.clone(),
        person_id: person,
        limit: 5,
        ..Default::default()
    };
    let traced = statements.trace_statement(agent.ask(ask)).await.expect("records").into_inner();
    assert!(!traced.records.is_empty() && traced.total_records >= traced.records.len() as u64);
    let ask = compensation::ListPersonStatementsRequest { person_id: person_id.to_owned(), ..Default::default() };
    let listed = statements.list_person_statements(agent.ask(ask)).await.expect("the own ones").into_inner();
    assert!(listed.statements.iter().any(|one| one.settlement_id == settlement_id && one.amount.is_some()));

    // Who lays out the group sees nobody's pay: the statement is there, its amounts are not.
    let hr = &done.crew.hr;
    let ask = compensation::GetStatementRequest { settlement_id, person_id: person_id.into() };
    let masked = statements.get_statement(hr.ask(ask)).await.expect("a statement").into_inner();
    assert!(masked.masked_fields.contains(&"amount".to_owned()), "{:?}", masked.masked_fields);
    assert_eq!(masked.statement.and_then(|statement| statement.amount), None);
}

pub async fn talent_heard(done: &Done, person_id: &str) {
    let reader = &done.crew.auditor;
    let profile = eventually("talent's evidence", async || {
        let mut client = talent::profile_service_client::ProfileServiceClient::new(reader.at.talent.clone());
        let ask = talent::GetProfileRequest { person_id: person_id.to_owned() };
        client.get_profile(reader.ask(ask)).await.ok()?.into_inner().profile
    })
    .await;
    assert_eq!(profile.cycles, 1);
    assert!(!profile.accounts.is_empty() && !profile.platforms.is_empty(), "{profile:?}");
}
