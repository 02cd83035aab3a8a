//! A later step that cannot be done takes nothing away of what is there.

use jiff::civil::date;
use tally_api::identity::v1 as identity;
use tally_bundle::sheet::Csv;
use tally_bundle::{Options, read_bundle};
use tally_suite::close::{Crew, FORM, Home, Job, Place, Rejections, clock_of, close, create_login, grant_role, secret};
use tally_suite::language::Language;
use tally_suite::progress::Progress;
use tally_suite::session::Session;

use crate::case::{Case, text};

const SERVED: [(&str, &str, &str); 2] = [("T1", "2026-03-02 09:00", "1001"), ("T2", "2026-03-02 09:01", "1002")];

#[test]
fn what_cannot_be_explained_is_told_after_everything_was_written() {
    let case = Case::new(&[("pool.yaml", "amount: 0.01\n")], &SERVED);
    let out = case.bundle().with_file_name("result");
    let output = case.run(&["close", text(&case.bundle()), "--out", text(&out), "--json", "--explain", "nobody"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("neither a record nor a person nobody"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"digest\""), "the summary was printed");
    assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1002 1000000"]);
    let statements = case.result("statements.csv");
    let paid: i64 = statements
        .lines()
        .filter(|l| l.contains(",total,"))
        .filter_map(|l| l.split(',').nth(7)?.parse::<i64>().ok())
        .sum();
    assert_eq!(paid, 1, "a pool of one cent is somebody's: {statements}");
    assert!(case.replayed().contains("identical"));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_cannot_be_written_leave_scores_and_say_why() {
    let case = Case::new(&[("pool.yaml", "amount: 100.00\n")], &SERVED);
    let reading = read_bundle(&case.bundle(), Options::default(), &mut |_, _| {}).expect("a sound bundle");
    assert_eq!(reading.bundle.period.from, date(2026, 3, 1));
    let folder = tempfile::tempdir().expect("a folder");
    let now = clock_of(&reading.bundle).expect("a time");
    let place = Place::Folder(folder.path().join("data"));
    let home = Home::start(&place, &reading.bundle, now, &secret(), None).await.expect("a suite");
    let out = case.bundle().with_file_name("result");
    // A folder stands where the file would go.
    std::fs::create_dir_all(out.join("statements.csv")).expect("a folder");
    let progress = Progress::new(true, Language::En);
    let (rejected_before, out) = (Rejections::new(), out.clone());
    let job = Job { reading: &reading, rejected_before, out, form: FORM, csv: Csv::Plain, progress: &progress };
    let outcome = close(&home.crew, job).await.expect("everything else");
    home.stop().await.expect("an end");
    let [undone] = outcome.summary.not_done.as_slice() else { panic!("{:?}", outcome.summary.not_done) };
    assert_eq!((undone.step.as_str(), undone.why.reason.as_str()), ("statements", "FAILED"));
    assert!(undone.why.message.contains("statements.csv") && !outcome.summary.is_whole(), "{undone:?}");
    assert_eq!(outcome.summary.paid_minor, Some(10_000), "the pool was split");
    assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1002 1000000"]);
    for file in ["score_cards.csv", "findings.csv", "attribution.csv"] {
        assert!(!case.result(file).is_empty(), "{file}");
    }
    for file in ["summary.json", "manifest.json"] {
        assert!(!case.result(file).is_empty(), "{file}");
    }
    assert!(case.result("summary.json").contains("\"not_done\""));
}

/// Somebody who may do all that `hr` may but publish.
async fn closer(home: &Home, password: &str) -> Session {
    let admin = &home.crew.admin;
    let mut roles = identity::role_service_client::RoleServiceClient::new(admin.at.identity.clone());
    let listed = roles.list_roles(admin.ask(identity::ListRolesRequest {})).await.expect("roles").into_inner().roles;
    let hr = listed.into_iter().find(|role| role.name == "group_hr").expect("a role");
    let role = identity::Role {
        name: "closer".to_owned(),
        description: "closes and does not publish".to_owned(),
        permissions: hr.permissions.into_iter().filter(|name| !name.ends_with("cycle.publish")).collect(),
        scopes: hr.scopes,
        ..Default::default()
    };
    let ask = identity::DefineRoleRequest { request_id: String::new(), role: Some(role), reason: "a test".to_owned() };
    roles.define_role(admin.ask(ask)).await.expect("a role");
    let principal = create_login(admin, "closer", password).await.expect("a login");
    grant_role(admin, &principal, "closer", "a test").await.expect("a grant");
    Session::sign_in(&admin.at, "closer", password).await.expect("a session")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cycle_that_cannot_be_published_leaves_credits_and_cards_and_says_what_is_not_done() {
    let case = Case::new(&[("pool.yaml", "amount: 100.00\n")], &SERVED);
    let reading = read_bundle(&case.bundle(), Options::default(), &mut |_, _| {}).expect("a sound bundle");
    let folder = tempfile::tempdir().expect("a folder");
    let (now, password) = (clock_of(&reading.bundle).expect("a time"), secret());
    let place = Place::Folder(folder.path().join("data"));
    let home = Home::start(&place, &reading.bundle, now, &password, None).await.expect("a suite");
    let crew = Crew { hr: closer(&home, &password).await, ..home.crew.clone() };
    let out = case.bundle().with_file_name("result");
    std::fs::create_dir_all(&out).expect("a folder");
    let progress = Progress::new(true, Language::En);
    let rejected_before = Rejections::new();
    let job = Job { reading: &reading, rejected_before, out, form: FORM, csv: Csv::Plain, progress: &progress };
    let outcome = close(&crew, job).await.expect("what was scored");
    home.stop().await.expect("an end");
    let [undone] = outcome.summary.not_done.as_slice() else { panic!("{:?}", outcome.summary.not_done) };
    assert_eq!((undone.step.as_str(), undone.why.reason.as_str()), ("publishing", "PERMISSION_DENIED"));
    assert!(outcome.summary.not_settled.is_some() && !outcome.summary.is_whole());
    assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1002 1000000"]);
    assert!(case.result("score_cards.csv").lines().count() > 2);
    assert!(case.result("manifest.json").contains("score_cards.csv"));
}
