//! A later step that cannot be done takes nothing away of what is there.

use jiff::civil::date;
use tally_api::identity::v1 as identity;
use tally_bundle::sheet::Csv;
use tally_bundle::{Options, Reading, read_bundle};
use tally_suite::close::{
    Crew, FORM, Home, Job, Place, Ports, Rejections, clock_of, close, create_login, grant_role, secret,
};
use tally_suite::language::Language;
use tally_suite::progress::Progress;
use tally_suite::said::RowsRefused;
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

#[test]
fn settings_at_their_limits_are_taken_by_the_suite_too() {
    let scheme = "kpis:\n\
        - {id: n, measure: records, target: 9223372036854, weight: 99.999999, floor: -4611686018427, cap: 4611686018427, normalisation: min_max}\n\
        - {id: r, measure: share, of: resolved, target: 0.000001, weight: 0.000001, small_sample: {min_count: 1000000}}\n";
    let pool = "amount: 1\nrule:\n\
        - {share: 33.3333, by: tiers, tiers: [{name: a, top_percent: 33.3333, weight: 1000000}, {name: b, top_percent: 66.6667, weight: 0.000001}]}\n\
        - {share: 66.6667, by: team_fund}\n";
    let policy = "grace_minutes: 240\nhandover_max_hours: 48\nsession_window_minutes: 1440\nmin_ambiguous: 1000000\n";
    let group = "currency: CNY\nperiod: {from: 2026-01-01, to: 2027-01-01}\n";
    let files = [("scheme.yaml", scheme), ("pool.yaml", pool), ("policy.yaml", policy), ("group.yaml", group)];
    let case = Case::new(&files, &SERVED);
    assert_eq!(case.close(), 0, "{}", case.result("summary.json"));
    assert!(case.result("summary.json").contains("\"to\": \"2027-01-01\""));
}

#[test]
fn a_measure_that_is_not_computed_is_named_by_its_file_and_key_before_anything_is_made() {
    let scheme = "kpis:\n- {id: slow, measure: mean, of: first_reply_seconds, target: 30, weight: 100}\n";
    let case = Case::new(&[("scheme.yaml", scheme)], &SERVED);
    let out = case.bundle().with_file_name("result");
    for (lang, says) in [("en", "kpis[1] (KPI slow)"), ("zh-CN", "kpis[1]（KPI slow）")] {
        let output = case.run(&["--lang", lang, "close", text(&case.bundle()), "--out", text(&out)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("scheme.yaml") && said.contains(says), "{said}");
    }
    assert!(!out.exists(), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_cannot_be_written_leave_scores_and_say_why() {
    let case = Case::new(&[("pool.yaml", "amount: 100.00\n")], &SERVED);
    let reading = read_bundle(&case.bundle(), Options::default(), &mut |_, _| {}).expect("a sound bundle");
    assert_eq!(reading.bundle.period.from, date(2026, 3, 1));
    let folder = tempfile::tempdir().expect("a folder");
    let now = clock_of(&reading.bundle).expect("a time");
    let place = Place::Folder(folder.path().join("data"));
    let home = Home::start(&place, &reading.bundle, now, &secret(), (Ports::default(), FORM)).await.expect("a suite");
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
    let home = Home::start(&place, &reading.bundle, now, &password, (Ports::default(), FORM)).await.expect("a suite");
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

/// Somebody else is in the suite under the number 1001 already.
async fn takes_the_number(home: &Home) {
    let hr = &home.crew.hr;
    let mut units = identity::org_service_client::OrgServiceClient::new(hr.at.identity.clone());
    let rows = vec![identity::OrgUnitRow { path: "East/Desk".to_owned(), ..Default::default() }];
    units
        .import_org_units(hr.ask(identity::ImportOrgUnitsRequest { rows, ..Default::default() }))
        .await
        .expect("units");
    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    let [employee_no, name, unit_path, hired_on] = ["1001", "Nan", "East/Desk", "2025-01-06"].map(str::to_owned);
    let rows = vec![identity::PersonRow { employee_no, name, unit_path, hired_on, ..Default::default() }];
    let ask = identity::ImportPeopleRequest { rows, ..Default::default() };
    let taken = people.import_people(hr.ask(ask)).await.expect("people").into_inner().result.expect("a result");
    assert_eq!(taken.written, 1, "{taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_somebody_whom_the_suite_refuses_are_rejected_with_all_that_names_him() {
    let rosters = "employee_no,account,start,end\n1001,mart-a,2026-03-02 08:30,2026-03-02 12:00\n\
        1002,mart-a,2026-03-02 08:30,2026-03-02 12:00\n";
    let case = Case::new(&[("rosters.csv", rosters), ("pool.yaml", "amount: 90.00\n")], &SERVED);
    let folder = tempfile::tempdir().expect("a folder");
    let progress = Progress::new(true, Language::En);
    let reading = read_bundle(&case.bundle(), Options::default(), &mut |_, _| {}).expect("a sound bundle");
    let now = clock_of(&reading.bundle).expect("a time");
    let suite = async |name: &str, reading: &Reading| {
        let place = Place::Folder(folder.path().join(name));
        Home::start(&place, &reading.bundle, now, &secret(), (Ports::default(), FORM)).await.expect("a suite")
    };
    let job = |out| (Rejections::new(), out, FORM, Csv::Plain);
    let (rejected_before, out, form, csv) = job(folder.path().join("nothing"));
    std::fs::create_dir(&out).expect("a folder");
    let home = suite("first", &reading).await;
    takes_the_number(&home).await;
    let crew = home.crew.clone().speaking("zh-CN");
    let refused = Job { reading: &reading, rejected_before, out: out.clone(), form, csv, progress: &progress };
    let Err(error) = close(&crew, refused).await else { panic!("the suite refuses 1001") };
    home.stop().await.expect("an end");
    let rows = error.chain().find_map(|cause| cause.downcast_ref::<RowsRefused>()).expect("rows").0.clone();
    let left: Vec<_> =
        std::fs::read_dir(&out).expect("a folder").map(|entry| entry.expect("a file").file_name()).collect();
    assert_eq!(left, ["rejected.csv"], "nothing is computed of rows that are not in");

    let options = Options { refused: Some(&rows), ..Options::default() };
    let reading = read_bundle(&case.bundle(), options, &mut |_, _| {}).expect("what is left");
    let (rejected_before, out, form, csv) = job(case.bundle().with_file_name("result"));
    std::fs::create_dir(&out).expect("a folder");
    let home = suite("second", &reading).await;
    let crew = home.crew.clone().speaking("zh-CN");
    let again = Job { reading: &reading, rejected_before, out, form, csv, progress: &progress };
    let outcome = close(&crew, again).await.expect("the month");
    home.stop().await.expect("an end");
    assert_eq!((outcome.summary.records, outcome.summary.rejected, outcome.summary.is_whole()), (1, 3, false));
    assert_eq!(case.credits(), ["T2 1002 1000000"]);
    let rejected = case.table("rejected.csv");
    let rows: Vec<_> = rejected[1..].iter().map(|row| [&row[0], &row[1], &row[5]].map(String::as_str)).collect();
    let depends = "ROWS_OF_NUMBER_REJECTED";
    let expected =
        [["people.csv", "2", "PERSON_DIFFERS"], ["records.csv", "2", depends], ["rosters.csv", "2", depends]];
    assert_eq!(rows, expected);
    assert!(rejected[1][3].contains("name") && !rejected[1][3].is_ascii(), "{rejected:?}");
    assert_eq!(
        (rejected[1][4].as_str(), rejected[2][3].as_str()),
        ("请改正所述内容，或去掉该行", "people.csv 中 1001 的各行已被拒收")
    );
    assert!(case.replayed().contains("identical"));
}
