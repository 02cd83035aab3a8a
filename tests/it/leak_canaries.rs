//! Values planted in a whole journey are in no log line, no span and no metric, at any level; and those that are sealed are in
//! no dump of the database either.

use std::collections::BTreeMap;
use std::path::Path;

use tally_api::common::v1::Money;
use tally_api::compensation::v1 as compensation;
use tally_api::identity::v1 as identity;
use tally_api::identity::v1::change_employment_request::Change;
use tally_kernel::Clock;
use tally_rpc::bearer;
use tally_testkit::oidc::SECRET;
use tally_testkit::otlp::Receiver;
use tonic::Request;

use crate::journey::{Done, PASSWORD, main_job};
use crate::rooms::everything;
use crate::rooms::results::proportional;
use crate::rooms::sign_in::code_now;
use crate::stack::Stack;

/// All that can be said: debug of what others wrote, trace of what we did.
const EVERYTHING: &str = "debug,tally=trace";
const ID_NUMBER: &str = "11010519491231002X";
const REASON: &str = "a fractured left scaphoid";
const NAME: &str = "Zhuang Xiaoqing";
/// In minor units; parts of it have ten digits, which nothing else has by chance.
const POOL: i64 = 913_572_468_135;

/// A value and what it is.
type Plants = Vec<(&'static str, String)>;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planted_in_one_process_is_in_no_log_and_no_trace_and_what_is_sealed_in_no_file() {
    let sink = Receiver::start().await;
    let mut stack = Stack::one_process_logging(EVERYTHING, Some(&sink.endpoint())).await;
    let (plants, sealed) = Box::pin(journey(&stack)).await;
    stack.stop().await;
    let files = files_below(&stack.folder.path().join("data"));
    let found = [told(&stack, &sink, &plants), stored(stack.name, &files, &sealed)].concat();
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planted_in_five_processes_is_in_no_log_and_no_trace_and_what_is_sealed_in_no_dump() {
    let sink = Receiver::start().await;
    let mut stack = Stack::five_processes_logging(EVERYTHING, Some(&sink.endpoint())).await;
    let (plants, sealed) = Box::pin(journey(&stack)).await;
    let owner = stack.database.as_ref().expect("a database").owner_url();
    let dump = tokio::process::Command::new("pg_dump").arg(owner).output().await.expect("pg_dump");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    stack.stop().await;
    let found = [told(&stack, &sink, &plants), stored(stack.name, &dump.stdout, &sealed)].concat();
    assert!(found.is_empty(), "{found:#?}");
}

/// Everything that the other journeys do, and the planting: what must not be told, and what must not be stored in clear.
async fn journey(stack: &Stack) -> (Plants, Plants) {
    let done = main_job(stack).await;
    everything(stack, &done).await;
    let (mut plants, mut sealed) = (Plants::new(), Plants::new());
    person(&done, &mut plants, &mut sealed).await;
    money(&done, &mut plants, &mut sealed).await;
    credentials(&done, &mut plants).await;
    plants.push(("why a punch is put right", crate::rooms::attendance::WHY.to_owned()));
    plants.push(("what shows it", crate::rooms::attendance::SHOWN_BY.to_owned()));
    for person in &done.reading.bundle.people {
        plants.push(("a name", person.name.clone()));
    }
    plants.push(("the password of everybody", PASSWORD.to_owned()));
    plants.push(("the secret of a provider's client", SECRET.to_owned()));
    plants.extend(sealed.iter().cloned());
    (plants, sealed)
}

/// Somebody new, with an identity number and a reason to be away.
async fn person(done: &Done, plants: &mut Plants, sealed: &mut Plants) {
    let hr = &done.crew.hr;
    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    let unit_path = done.reading.bundle.people.first().expect("a person").employments[0].org_unit.clone();
    let row = identity::PersonRow {
        employee_no: "planted-1".into(),
        name: NAME.into(),
        unit_path,
        hired_on: "2026-01-05".into(),
        id_number: ID_NUMBER.into(),
        ..Default::default()
    };
    // Once as it is to be, and three times wrong: refusals tell no value either.
    let wrong = |employee_no: &str| identity::PersonRow { employee_no: employee_no.into(), ..row.clone() };
    let nowhere = identity::PersonRow { unit_path: "Nowhere".into(), ..wrong("planted-3") };
    let unsound = identity::PersonRow { id_number: "110105194912310021".into(), ..wrong("planted-4") };
    let rows = vec![row.clone(), wrong("planted-2"), nowhere, unsound];
    let ask = identity::ImportPeopleRequest { request_id: "planted people".into(), rows };
    let result = people.import_people(hr.ask(ask)).await.expect("an import").into_inner().result.expect("a result");
    assert_eq!((result.written, result.problems.len()), (1, 3), "{result:?}");
    let ask = identity::GetPersonRequest { id_number: ID_NUMBER.into(), ..Default::default() };
    let found = people.get_person(hr.ask(ask.clone())).await.expect("a person").into_inner().person.expect("a person");
    people.get_person(done.crew.admin.ask(ask)).await.expect_err("a number that the administrator may not read");
    let leave = identity::NewLeave {
        from: "2026-02-01".into(),
        kind: identity::LeaveKind::Sick.into(),
        reason: REASON.into(),
        ..Default::default()
    };
    for request_id in ["a leave", "", "a leave"] {
        let ask = identity::ChangeEmploymentRequest {
            request_id: request_id.into(),
            person_id: found.person_id.clone(),
            change: Some(Change::Leave(leave.clone())),
        };
        let done = people.change_employment(hr.ask(ask)).await;
        assert_eq!(done.is_ok(), !request_id.is_empty(), "{done:?}");
    }
    let ask = identity::GetPersonRequest { employee_no: "nobody-4711".into(), ..Default::default() };
    people.get_person(hr.ask(ask)).await.expect_err("nobody has this number");
    plants.push(("an employee number", "nobody-4711".to_owned()));
    let ask = identity::GetPersonRequest { person_id: found.person_id, ..Default::default() };
    let read = people.get_person(hr.ask(ask)).await.expect("a person").into_inner().person.expect("a person");
    assert_eq!((read.id_number.as_str(), read.leaves[0].reason.as_str()), (ID_NUMBER, REASON));
    plants.push(("a name", NAME.to_owned()));
    sealed.push(("an identity number", ID_NUMBER.to_owned()));
    sealed.push(("an identity number as it was refused", "110105194912310021".to_owned()));
    sealed.push(("the reason of a leave", REASON.to_owned()));
}

/// A pool, and a draft of its settlement that is read.
async fn money(done: &Done, plants: &mut Plants, sealed: &mut Plants) {
    let preparer = &done.crew.preparer;
    let mut pools = compensation::pool_service_client::PoolServiceClient::new(preparer.at.compensation.clone());
    let pool = proportional("planted", &done.outcome.cycle_id, POOL);
    let ask = compensation::CreatePoolRequest { request_id: "planted pool".into(), pool: Some(pool.clone()) };
    let made = pools.create_pool(preparer.ask(ask)).await.expect("a pool").into_inner().pool.expect("a pool");
    let other = compensation::Pool { amount: Some(Money { currency: "CNY".into(), minor: -POOL }), ..pool };
    let ask = compensation::CreatePoolRequest { pool: Some(other), ..Default::default() };
    pools.create_pool(preparer.ask(ask)).await.expect_err("less than nothing");
    let channel = preparer.at.compensation.clone();
    let mut settlements = compensation::settlement_service_client::SettlementServiceClient::new(channel.clone());
    let ask = compensation::DraftSettlementRequest { request_id: "planted draft".into(), pool_id: made.pool_id };
    let draft = settlements.draft_settlement(preparer.ask(ask)).await.expect("a draft").into_inner().settlement;
    let settlement_id = draft.expect("a draft").settlement_id;
    let mut statements = compensation::statement_service_client::StatementServiceClient::new(channel);
    let ask = compensation::ListStatementsRequest { settlement_id, page_size: 1000, ..Default::default() };
    let listed = statements.list_statements(preparer.ask(ask)).await.expect("statements").into_inner().statements;
    let pay = listed.into_iter().map(|statement| statement.amount.expect("an amount").minor.to_string());
    // Fewer digits might be there by chance.
    let pay: Vec<_> = pay.filter(|minor| minor.len() >= 10).map(|minor| ("somebody's pay", minor)).collect();
    assert!(pay.len() > 5, "{pay:?}");
    sealed.extend(pay);
    sealed.push(("a pool", POOL.to_string()));
    // As people write it.
    plants.push(("a pool", "9135724681.35".to_owned()));
}

/// Everything that somebody signs in with.
async fn credentials(done: &Done, plants: &mut Plants) {
    let admin = &done.crew.admin;
    let channel = admin.at.identity.clone();
    let mut sessions = identity::session_service_client::SessionServiceClient::new(channel.clone());
    let mut logins = identity::login_service_client::LoginServiceClient::new(channel.clone());
    let password = "a lamp under seven willows";
    let ask = identity::CreateLoginRequest {
        request_id: "planted login".into(),
        login: "planted".into(),
        password: password.into(),
        person_id: String::new(),
    };
    let principal_id = sessions.create_login(admin.ask(ask)).await.expect("a login").into_inner().principal_id;
    let ask = |password: &str| identity::SignInRequest {
        login: "planted".into(),
        password: password.into(),
        client: "planted".into(),
        ..Default::default()
    };
    sessions.sign_in(ask("a lamp under eight willows")).await.expect_err("another password");
    let begun = sessions.sign_in(ask(password)).await.expect("a session").into_inner();
    let enrolled = with(&begun.access_token, identity::EnrollTotpRequest::default());
    let enrolled = logins.enroll_totp(enrolled).await.expect("a secret").into_inner();
    let confirm = identity::ConfirmTotpRequest { code: code_now(&enrolled.secret, 0), ..Default::default() };
    let confirmed = logins.confirm_totp(with(&begun.access_token, confirm)).await.expect("codes").into_inner();
    let refresh =
        identity::RefreshSessionRequest { request_id: "r".into(), refresh_token: begun.refresh_token.clone() };
    let next = sessions.refresh_session(refresh).await.expect("the next tokens").into_inner();
    let spent = identity::RefreshSessionRequest { request_id: "s".into(), refresh_token: begun.refresh_token.clone() };
    sessions.refresh_session(spent).await.expect_err("a token that was used");
    let reset = identity::ResetPasswordRequest { principal_id, remove_second_factor: true, ..Default::default() };
    let once = logins.reset_password(admin.ask(reset)).await.expect("a reset").into_inner().one_time_password;
    plants.extend([
        ("a password", password.to_owned()),
        ("a wrong password", "a lamp under eight willows".to_owned()),
        ("a password for one sign-in", once),
        ("an access token", begun.access_token),
        ("a refresh token", begun.refresh_token),
        ("an access token", next.access_token),
        ("a refresh token", next.refresh_token),
        ("the secret of a second factor", enrolled.secret),
    ]);
    plants.extend(confirmed.recovery_codes.into_iter().map(|code| ("a recovery code", code)));
    api_key(done, plants).await;
}

async fn api_key(done: &Done, plants: &mut Plants) {
    let admin = &done.crew.admin;
    let channel = admin.at.identity.clone();
    let mut accounts = identity::service_account_service_client::ServiceAccountServiceClient::new(channel);
    let ask = identity::CreateServiceAccountRequest { name: "planted-push".into(), ..Default::default() };
    let account = accounts.create_service_account(admin.ask(ask)).await.expect("an account").into_inner();
    let seconds = Clock::System.now().as_second() + 24 * 3600;
    let ask = identity::CreateApiKeyRequest {
        request_id: "planted key".into(),
        principal_id: account.principal_id,
        name: "planted".into(),
        permissions: vec!["attendance.site.read".into()],
        expires_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
    };
    let made = accounts.create_api_key(admin.ask(ask)).await.expect("a key").into_inner();
    let ask = identity::ExchangeApiKeyRequest { api_key: made.api_key.clone() };
    let token = accounts.exchange_api_key(ask).await.expect("a token").into_inner().access_token;
    // tally_<id>_<secret>: the id is no secret.
    let secret = made.api_key.splitn(3, '_').last().expect("three parts").to_owned();
    assert!(secret.len() >= 20, "an API key has a secret");
    plants.extend([("an API key", secret), ("an API key's token", token)]);
}

fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    bearer(&mut request, token);
    request
}

/// Which of the plants are in the log of a process, or in what went to the collector.
fn told(stack: &Stack, sink: &Receiver, plants: &Plants) -> Vec<String> {
    let logs: BTreeMap<_, _> = std::fs::read_dir(stack.folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "log"))
        .map(|path| (path.clone(), std::fs::read(path).expect("a log")))
        .collect();
    let told = sink.bytes();
    // What is there is found: the one warning of the journey with its method, what others say at debug, and in the traces
    // the calls that held the plants.
    let all: Vec<u8> = logs.values().flatten().copied().collect();
    for there in ["the glass was broken", "BreakGlassService/OpenBreakGlass", "DEBUG"] {
        assert!(holds(&all, there.as_bytes()), "{}: the logs do not say {there}", stack.name);
    }
    for there in ["StatementService/ListStatements", "PersonService/GetPerson"] {
        assert!(holds(&told, there.as_bytes()), "{}: the traces do not say {there}", stack.name);
    }
    let mut found = Vec::new();
    for (what, value) in plants {
        for (path, log) in &logs {
            if holds(log, value.as_bytes()) {
                found.push(format!("{what}, {value:?}, in {}: {}", path.display(), line_of(log, value)));
            }
        }
        if holds(&told, value.as_bytes()) {
            found.push(format!("{what}, {value:?}, in the traces"));
        }
    }
    found
}

fn line_of(log: &[u8], value: &str) -> String {
    let text = String::from_utf8_lossy(log);
    text.lines().find(|line| line.contains(value)).unwrap_or_default().chars().take(300).collect()
}

/// Which sealed values are in a copy of the database, in clear or in hexadecimal.
fn stored(name: &str, copy: &[u8], sealed: &Plants) -> Vec<String> {
    assert!(holds(copy, NAME.as_bytes()), "{name}: the copy holds a name, which is kept in clear");
    let there = |value: &str| {
        let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        holds(copy, value.as_bytes()) || holds(copy, hex.as_bytes())
    };
    let found = sealed.iter().filter(|(_, value)| there(value));
    found.map(|(what, value)| format!("{what}, {value:?}, in the database")).collect()
}

fn files_below(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).expect("a file")).collect()
}

fn holds(bytes: &[u8], value: &[u8]) -> bool {
    let mut from = 0;
    // The first byte is looked for by itself: far faster than every window.
    while let Some(at) = bytes.get(from..).and_then(|rest| rest.iter().position(|byte| Some(byte) == value.first())) {
        if bytes[from + at..].starts_with(value) {
            return true;
        }
        from += at + 1;
    }
    false
}

#[test]
fn a_value_is_found_wherever_it_is() {
    for (bytes, there) in [("xaabx", true), ("aab", true), ("aa", false), ("", false), ("abaab", true), ("aaaab", true)]
    {
        assert_eq!(holds(bytes.as_bytes(), b"aab"), there, "{bytes}");
    }
}
