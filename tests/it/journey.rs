//! The main job, from files to statements, on one process and on five: the same code, the same digest.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tally_access::{Actor, OpContext, compile_service};
use tally_api::compensation::v1 as compensation;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_api::talent::v1 as talent;
use tally_bundle::sheet::Csv;
use tally_bundle::{Options, Reading, read_bundle};
use tally_kernel::id::TenantId;
use tally_kernel::{Clock, Rng};
use tally_store::{Keys, Store, StoreConfig};
use tally_suite::close::{CloseOutcome, Crew, FORM, Job, Rejections, close};
use tally_suite::progress::Progress;
use tally_suite::sample::{Lang, sample};
use tally_suite::session::Session;
use tally_suite::suite::SERVICES;
use tally_testkit::eventually;
use tempfile::TempDir;
use tonic::Code;

use crate::stack::Stack;
use crate::{lists, secondary_flows};

/// Of everybody, in a test's own suite.
pub const PASSWORD: &str = "correct horse battery";

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
    main_job_with(stack, |_| {}).await
}

/// The same, with something changed in the folder of the bundle.
pub async fn main_job_with(stack: &Stack, change: impl FnOnce(&Path)) -> Done {
    let folder = TempDir::new().expect("a temporary folder");
    sample(7, 1_500, Lang::En).write_bundle(folder.path()).expect("a bundle");
    change(folder.path());
    let reading = read_bundle(folder.path(), Options::default(), &mut |_, _| {}).expect("a sound bundle");
    let crew = Crew::hire(&stack.channels, &reading.bundle, PASSWORD).await.expect("a crew");
    let out = TempDir::new().expect("a temporary folder");
    let job = Job {
        reading: &reading,
        rejected_before: Rejections::new(),
        out: out.path().to_owned(),
        form: FORM,
        csv: Csv::Plain,
        progress: &Progress::new(true),
    };
    let outcome = close(&crew, job).await.unwrap_or_else(|error| panic!("{}: {error:#}", stack.name));
    let mut tenants = identity::tenant_service_client::TenantServiceClient::new(stack.channels.identity.clone());
    let reply =
        tenants.get_tenant(crew.admin.ask(identity::GetTenantRequest {})).await.expect("the group").into_inner();
    let tenant = reply.tenant.expect("the group").tenant_id.parse().expect("an id");
    Done { crew, reading, outcome, out, tenant }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_and_five_give_the_same_result_to_the_byte() {
    let mut one = Stack::one_process(None).await;
    let here = main_job(&one).await;
    look(&one, &here).await;
    secondary_flows::all(&here).await;
    review_access(&one, &here).await;
    secondary_flows::regions::all(&one, &here).await;
    secondary_flows::deletion::all(&one, &here).await;
    one.stop().await;
    verify_audit_of_files(&one, &here).await;

    let mut five = Stack::five_processes(None).await;
    let there = main_job(&five).await;
    look(&five, &there).await;
    secondary_flows::all(&there).await;
    review_access(&five, &there).await;
    secondary_flows::regions::all(&five, &there).await;
    secondary_flows::deletion::all(&five, &there).await;
    five.stop().await;

    assert_eq!(here.outcome.summary, there.outcome.summary);
    for file in ["credits.csv", "attribution.csv", "score_cards.csv", "statements.csv", "findings.csv", "summary.json"]
    {
        let read = |done: &Done| std::fs::read_to_string(done.out.path().join(file)).expect("a result file");
        assert!(read(&here) == read(&there), "{file} differs");
    }
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
    let ask = identity::GrantRoleRequest { request_id: format!("grant of {login}"), grant: Some(grant) };
    access.grant_role(admin.ask(ask)).await.expect("a grant");
    Session::sign_in(&admin.at, login, PASSWORD).await.expect("a session")
}

async fn sees_own_and_nobody_elses(done: &Done, agent: &Session, person_id: &str) {
    let cycle_id = &done.outcome.cycle_id;
    let mut cards = performance::card_service_client::CardServiceClient::new(agent.at.performance.clone());
    let ask = |person: &str| performance::GetCardRequest { cycle_id: cycle_id.clone(), person_id: person.into() };
    let own = cards.get_card(agent.ask(ask(person_id))).await.expect("the own card").into_inner();
    assert_eq!(own.card.map(|card| card.rank), Some(1));
    let (_, other) = done.outcome.cards.last().expect("another card");
    let refused = cards.get_card(agent.ask(ask(&other.person_id))).await.expect_err("somebody else's card");
    assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
    let ask = performance::ListCardsRequest { cycle_id: cycle_id.clone(), page_size: 0, page_token: String::new() };
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
    let ask = compensation::TraceStatementRequest { settlement_id: settlement_id.clone(), person_id: person, limit: 5 };
    let traced = statements.trace_statement(agent.ask(ask)).await.expect("records").into_inner();
    assert!(!traced.records.is_empty() && traced.total_records >= traced.records.len() as u64);

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

/// Who can read pay, since when, granted by whom: as CSV, by the program itself.
async fn review_access(stack: &Stack, done: &Done) {
    let review = async |who: &Session, permission: &str| {
        let file = stack.folder.path().join("token");
        std::fs::write(&file, who.token()).expect("a file");
        let file = file.to_str().expect("a path in UTF-8");
        let ask = ["access", "review", permission, "--server", &stack.address(), "--token-file", file];
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
    // What was lent and what an emergency opened stand beside the grants, though both are over.
    let (_, told, _) = review(&done.crew.auditor, "performance.card.read").await;
    for source in ["delegation", "break_glass"] {
        let row = told.lines().find(|row| row.starts_with(source)).unwrap_or_default();
        assert_eq!(row.split(',').nth(10), Some("false"), "{}: {source} in {told}", stack.name);
    }
    let (code, told, err) = review(&done.crew.preparer, pay).await;
    assert_eq!((code, told.as_str()), (Some(1), ""), "{}", stack.name);
    assert!(err.contains("identity.grant.read"), "{}: {err}", stack.name);
}

/// The chains are intact after the processes ended, and every change and every sensitive read stands in them.
async fn verify_audit_of_files(stack: &Stack, done: &Done) {
    let keys = Keys::open(&stack.folder.path().join("keys").join("seal.key"), None).expect("the key file");
    let mut methods = BTreeSet::new();
    for part in SERVICES {
        let url = format!("sqlite://{}", stack.folder.path().join("data").join(format!("{}.db", part.name)).display());
        let store =
            Store::open(StoreConfig::new(url, part.name, keys.clone()), part.migrations).await.expect("a store");
        let report = store.verify_audit().await.expect("a report");
        assert!(report.ok(), "{}: {:?}", part.name, report.faults);
        let view = Arc::new(compile_service(part.name, 0));
        let ctx = OpContext::new(Actor::service(part.name, done.tenant, None), view, Clock::System, Rng::System);
        let tx = store.read(&ctx).await.expect("a transaction");
        let log = tx.audit_log(1_000_000).await.expect("the log");
        methods.extend(log.into_iter().map(|(_, entry)| entry.method));
    }
    lists::check_audited(&methods);
}
