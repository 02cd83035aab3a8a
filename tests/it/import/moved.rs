//! A folder goes on being taken after a team of it was renamed, moved to another branch and closed, by its old paths and its new ones.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use tally_api::attendance::v1 as attendance;
use tally_api::common::v1::Period;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_bundle::{Options, read_bundle};
use tally_suite::close::Crew;
use tally_suite::session::Session;
use tally_testkit::eventually;

use super::{import, rows, write};
use crate::journey::PASSWORD;
use crate::rooms::access::somebody_on;
use crate::stack::Stack;

const PEOPLE: &str = "employee_no,name,org_unit,position,grade,hired_on\n1001,Ann,North/Chat,agent,P1,2025-01-06\n\
    1002,Bo,North/Mail,agent,P1,2025-01-06\n";
const SOUTH: &str = "1003,Cy,South/Desk,agent,P1,2025-01-06\n";
const ACCOUNTS: &str = "platform,store,account,phase,capacity,zone,team\nMart,One,n,shared,1,,North/Chat\n\
    Mart,One,m,shared,1,,North/Mail\n";
const ROSTERS: &str = "employee_no,account,start,end\n1002,m,2026-01-06 09:00,2026-01-06 17:00\n";
const RECORDS: &str = "platform,store,account,external_id,started_at,ended_at,agent\n\
    Mart,One,n,R1,2026-01-06 10:00,2026-01-06 10:05,1001\nMart,One,m,R2,2026-01-06 11:00,2026-01-06 11:05,1002\n";
const GROUP: &str = "name: Field\nzone: Asia/Shanghai\nperiod: {from: 2026-01-01, to: 2026-01-31}\n\
    branches: {North: cn-east, South: cn-east}\n";

/// A folder of the month, and who brings it in.
struct Folder<'s> {
    stack: &'s Stack,
    dir: &'s Path,
    hr: &'s Session,
}

impl Folder<'_> {
    /// Brings it in, with `North/Mail` called something else and these rows besides: the exit code, and the report.
    async fn comes(&self, who: &Session, mail: &str, (people, accounts, records): (&str, &str, &str)) -> (i32, Value) {
        let called = |text: &str, more: &str| (text.to_owned() + more).replace("North/Mail", mail);
        write(
            self.dir,
            &[
                ("people.csv", &called(PEOPLE, people)),
                ("accounts.csv", &called(ACCOUNTS, accounts)),
                ("records.csv", &called(RECORDS, records)),
            ],
        );
        self.sent(who).await
    }

    async fn sent(&self, who: &Session) -> (i32, Value) {
        let token = self.dir.join("token");
        std::fs::write(&token, who.token()).expect("a token");
        let (code, said) = import(self.stack, self.dir, &token, &["--json", "--plain-csv"]).await;
        let report: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("no report: {said}"));
        (code.expect("a code"), report)
    }

    /// Nothing of it is new, and nothing is refused, by each of these names.
    async fn is_there(&self, names: &[&str], more: (&str, &str, &str)) {
        for mail in names {
            let (code, report) = self.comes(self.hr, mail, more).await;
            let files = report["files"].as_array().expect("files").iter();
            let other = files.filter(|file| file["read"] != file["unchanged"]).collect::<Vec<_>>();
            assert_eq!((code, other.as_slice()), (0, [].as_slice()), "{mail}: {}", self.refused());
        }
    }

    fn refused(&self) -> String {
        std::fs::read_to_string(self.dir.join("out").join("refused.csv")).expect("refused.csv")
    }

    /// Who serves an account on a day, by number.
    async fn serve(&self, account_id: &str, day: &str) -> Vec<String> {
        let mut client = identity::person_service_client::PersonServiceClient::new(self.hr.at.identity.clone());
        let ask = identity::ListPeopleRequest { page_size: 100, ..Default::default() };
        let people = client.list_people(self.hr.ask(ask)).await.expect("people").into_inner().people;
        let channel = self.hr.at.attendance.clone();
        let mut client = attendance::occupancy_service_client::OccupancyServiceClient::new(channel);
        let (account_ids, period) = (vec![account_id.to_owned()], Some(Period { from: day.into(), to: day.into() }));
        let ask = attendance::ListOccupancyRequest { period, account_ids, ..Default::default() };
        let mut parts = client.list_occupancy(self.hr.ask(ask)).await.expect("occupancy").into_inner();
        let mut serve = BTreeSet::new();
        while let Some(part) = parts.message().await.expect("a part") {
            serve.extend(part.accounts.into_iter().flat_map(|account| account.rows).map(|row| row.person_id));
        }
        let number = |person: identity::Person| serve.contains(&person.person_id).then_some(person.employee_no);
        let mut numbers: Vec<String> = people.into_iter().filter_map(number).collect();
        numbers.sort();
        numbers
    }

    /// The unit of an account, as somebody sees it.
    async fn unit_of(&self, who: &Session, name: &str) -> Option<String> {
        self.account(who, name).await.map(|account| account.unit_id)
    }

    async fn account(&self, who: &Session, name: &str) -> Option<attendance::Account> {
        let mut client = attendance::account_service_client::AccountServiceClient::new(who.at.attendance.clone());
        let ask = attendance::ListAccountsRequest { page_size: 100, ..Default::default() };
        let accounts = client.list_accounts(who.ask(ask)).await.expect("accounts").into_inner().accounts;
        accounts.into_iter().find(|account| account.name == name)
    }
}

fn orgs(who: &Session) -> identity::org_service_client::OrgServiceClient<tally_rpc::RpcChannel> {
    identity::org_service_client::OrgServiceClient::new(who.at.identity.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_taken_by_the_old_paths_and_the_new_ones_of_a_team_that_was_renamed_moved_and_closed() {
    let mut stack = Stack::one_process(None).await;
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let south = format!("{PEOPLE}{SOUTH}");
    let files = [("people.csv", south.as_str()), ("accounts.csv", ACCOUNTS), ("records.csv", RECORDS)];
    write(dir, &files);
    write(dir, &[("group.yaml", GROUP), ("rosters.csv", ROSTERS)]);
    let bundle = read_bundle(dir, Options::default(), &mut |_, _| {}).expect("a sound bundle").bundle;
    let crew = Crew::hire(&stack.channels, &bundle, PASSWORD).await.expect("a crew");
    let hr = &crew.hr;
    let folder = Folder { stack: &stack, dir, hr };
    let (code, report) = folder.comes(hr, "North/Mail", (SOUTH, "", "")).await;
    assert_eq!(code, 0, "{report}");
    let units = tally_import::unit_ids(hr).await.expect("units");
    let (mail, chat, branches) = (&units["North/Mail"], &units["North/Chat"], (&units["North"], &units["South"]));

    let (unit_id, name, from) = (mail.clone(), "Post".to_owned(), "2026-02-01".to_owned());
    let ask = identity::RenameOrgUnitRequest { unit_id, name, from, ..Default::default() };
    orgs(hr).rename_org_unit(hr.ask(ask)).await.expect("renamed");
    folder.is_there(&["North/Mail", "North/Post"], (SOUTH, "", "")).await;
    // Who is new by the new path began when the team was called otherwise, and an account by the old one is the same team's.
    let more = (
        "1004,Di,North/Post,agent,P1,2025-02-03\n1003,Cy,South/Desk,agent,P1,2025-01-06\n",
        "Mart,One,m2,shared,1,,North/Mail\n",
        "",
    );
    let (code, report) = folder.comes(hr, "North/Mail", more).await;
    let written = ["org units", "people.csv", "accounts.csv"].map(|file| rows(&report, file)["written"].as_u64());
    assert_eq!((code, written), (0, [0, 1, 1].map(Some)), "{}", folder.refused());
    assert_eq!(folder.unit_of(hr, "m2").await.as_ref(), Some(mail));

    let (unit_id, parent_id, from) = (mail.clone(), branches.1.clone(), "2026-02-16".to_owned());
    let ask = identity::MoveOrgUnitRequest { unit_id, parent_id, from, backdated: true, ..Default::default() };
    orgs(hr).move_org_unit(hr.ask(ask)).await.expect("moved");
    folder.is_there(&["North/Mail", "North/Post", "South/Post"], more).await;
    let north = of_the_branch(&folder, &crew, branches.0).await;
    old_name_anew(&folder, more).await;

    let (unit_id, move_people_to, from) = (mail.clone(), chat.clone(), "2026-03-16".to_owned());
    let ask = identity::CloseOrgUnitRequest { unit_id, move_people_to, from, backdated: true, ..Default::default() };
    orgs(hr).close_org_unit(hr.ask(ask)).await.expect("closed");
    folder.is_there(&["North/Post", "South/Post"], (SOUTH, "Mart,One,m2,shared,1,,South/Post\n", "")).await;
    new_of_a_closed_team(&folder, mail).await;
    let south = somebody_on(&crew.admin, "south-hr", "branch_hr", (identity::ScopeKind::Subtree, branches.1)).await;
    goes_on(&folder, (&north, &south), (branches.0, mail)).await;
    stack.stop().await;
}

/// The branch that the team went away from brings in what it has still; what it does not reach any more is told and kept back.
async fn of_the_branch(folder: &Folder<'_>, crew: &Crew, north: &str) -> Session {
    let hr = somebody_on(&crew.admin, "north-hr", "branch_hr", (identity::ScopeKind::Subtree, north)).await;
    // A service knows of a move within a second.
    let gone = async || folder.unit_of(&hr, "m").await.is_none().then_some(());
    eventually("the account is another branch's", gone).await;
    let more = ("", "", "Mart,One,n,R3,2026-01-06 12:00,2026-01-06 12:05,1001\n");
    let (code, report) = folder.comes(&hr, "North/Mail", more).await;
    let of = |file: &str| {
        ["written", "unchanged", "refused"].map(|what| rows(&report, file)[what].as_u64().expect("a count"))
    };
    let refused = folder.refused();
    assert_eq!((code, of("accounts.csv"), of("records.csv")), (3, [0, 1, 1], [1, 1, 1]), "{refused}");
    assert_eq!((of("org units"), of("people.csv")), ([0, 3, 0], [0, 2, 0]), "{refused}");
    for (row, code) in [
        ("accounts.csv,Mart/One/m,", "ACCOUNT_OUT_OF_REACH"),
        ("rosters.csv,1002 2026-01-06 09:00,", "ROWS_OF_ACCOUNT_REFUSED"),
        ("records.csv,R2,", "ROWS_OF_ACCOUNT_REFUSED"),
    ] {
        assert!(refused.lines().any(|line| line.starts_with(row) && line.ends_with(code)), "{row}: {refused}");
    }
    nothing_in_reach(folder, &hr).await;
    of_before_goes_along(folder).await;
    hr
}

/// What the branch has of somebody's days of before is exported, though who that is stays with whoever reaches all of the days.
async fn of_before_goes_along(folder: &Folder<'_>) {
    let out = folder.dir.join("person.json");
    let mut command = folder.stack.tally(&["person", "export", "1002", "--out"]);
    let ran = command.arg(&out).arg("--token-file").arg(folder.dir.join("token")).output().await.expect("a run");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let told: Value = serde_json::from_slice(&std::fs::read(&out).expect("a file")).expect("JSON");
    let shifts = told["services"]["attendance"]["shifts"].as_array().map(Vec::len);
    assert_eq!((&told["services_that_told_nothing"][0], shifts), (&"identity".into(), Some(1)), "{told}");
}

/// The old path becomes another unit's only where somebody says so; January's folder goes on meaning the team that had it then.
async fn old_name_anew(folder: &Folder<'_>, more: (&str, &str, &str)) {
    let hr = folder.hr;
    let made = async |kind: identity::OrgUnitKind| {
        let (path, valid_from) = ("North/Mail".to_owned(), "2026-03-01".to_owned());
        let row = identity::OrgUnitRow { path, valid_from, kind: kind.into(), ..Default::default() };
        let ask = identity::ImportOrgUnitsRequest { rows: vec![row], ..Default::default() };
        orgs(hr).import_org_units(hr.ask(ask)).await.expect("an answer").into_inner().result.expect("a result")
    };
    let refused = made(identity::OrgUnitKind::Unspecified).await;
    assert_eq!((refused.written, refused.problems[0].reason.as_str()), (0, "UNIT_HAD_NAME"), "{refused:?}");
    assert_eq!(made(identity::OrgUnitKind::Team).await.written, 1);
    folder.is_there(&["North/Mail"], more).await;
}

/// A branch whose accounts all went out of its reach is told so of every row of them, and the import does not end.
async fn nothing_in_reach(folder: &Folder<'_>, hr: &Session) {
    let only_mail = |text: &str| {
        let mut lines = text.lines();
        let head = lines.next().expect("a head").to_owned() + "\n";
        head + &lines.filter(|line| line.contains(",m,")).map(|line| line.to_owned() + "\n").collect::<String>()
    };
    write(folder.dir, &[("accounts.csv", &only_mail(ACCOUNTS)), ("records.csv", &only_mail(RECORDS))]);
    let (code, report) = folder.sent(hr).await;
    let of = |file: &str| ["read", "refused"].map(|what| rows(&report, file)[what].as_u64().expect("a count"));
    let refused = folder.refused();
    assert_eq!((code, of("accounts.csv"), of("records.csv")), (3, [1, 1], [1, 1]), "{refused}");
    assert!(refused.contains(",ACCOUNT_OUT_OF_REACH"), "{refused}");
}

/// An account that is new goes to its team though that was closed.
async fn new_of_a_closed_team(folder: &Folder<'_>, mail: &String) {
    let (code, report) = folder.comes(folder.hr, "North/Post", (SOUTH, "Mart,One,m3,shared,1,,South/Post\n", "")).await;
    assert_eq!((code, rows(&report, "accounts.csv")["written"].as_u64()), (0, Some(1)), "{}", folder.refused());
    assert_eq!(folder.unit_of(folder.hr, "m3").await.as_ref(), Some(mail));
}

/// The accounts of the closed team go where its people went, from that day on: they are served there, a folder may name that team for
/// them, the branch above it brings in their records and closes their month, and the branch that the team was closed under does not.
async fn goes_on(folder: &Folder<'_>, (north, south): (&Session, &Session), (branch, mail): (&str, &String)) {
    let hr = folder.hr;
    let accounts = ACCOUNTS.replace("North/Mail", "North/Chat");
    write(folder.dir, &[("accounts.csv", accounts.as_str()), ("rosters.csv", "employee_no,account,start,end\n")]);
    let (code, report) = folder.sent(hr).await;
    let of_accounts = rows(&report, "accounts.csv");
    assert_eq!((code, &of_accounts["read"]), (0, &of_accounts["unchanged"]), "{}", folder.refused());

    // A service knows of it within a second.
    eventually("the account is north's again", async || folder.unit_of(north, "m").await.filter(|unit| unit == mail))
        .await;
    eventually("and not south's", async || folder.unit_of(south, "m").await.is_none().then_some(())).await;
    let account_id = folder.account(hr, "m").await.expect("the account").account_id;
    assert_eq!(folder.serve(&account_id, "2026-03-10").await, ["1002", "1004"]);
    assert_eq!(folder.serve(&account_id, "2026-03-20").await, ["1001", "1002", "1004"]);

    // The 10th and the 20th of March, ten o'clock in Shanghai.
    let came = async |by: &Session, external_id: &str, seconds: i64| {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let row = performance::Record {
            external_id: external_id.into(),
            started_at: at(seconds),
            ended_at: at(seconds + 300),
            ..Default::default()
        };
        let ask = performance::ImportRecordsRequest {
            account_id: account_id.clone(),
            unit_id: mail.clone(),
            region: "cn-east".into(),
            rows: vec![row],
            ..Default::default()
        };
        let mut client = performance::record_service_client::RecordServiceClient::new(by.at.performance.clone());
        client.import_records(by.ask(ask)).await.map(|told| told.into_inner().result.expect("a result").written)
    };
    for (by, of_tenth, of_twentieth) in [(north, false, true), (south, true, false)] {
        let name = if of_tenth { "S" } else { "N" };
        assert_eq!(came(by, &format!("{name}10"), 1_773_108_000).await.is_ok_and(|written| written == 1), of_tenth);
        assert_eq!(came(by, &format!("{name}20"), 1_773_972_000).await.is_ok_and(|written| written == 1), of_twentieth);
    }
    let run = performance::AttributionRun {
        unit_id: branch.to_owned(),
        period: Some(Period { from: "2026-03-01".into(), to: "2026-03-31".into() }),
        ..Default::default()
    };
    let channel = north.at.performance.clone();
    let mut runs = performance::attribution_run_service_client::AttributionRunServiceClient::new(channel);
    let ask = performance::StartAttributionRunRequest { run: Some(run), ..Default::default() };
    let begun = runs.start_attribution_run(north.ask(ask)).await.expect("a run").into_inner().run.expect("a run");
    let ask = performance::WatchAttributionRunRequest { attribution_run_id: begun.attribution_run_id };
    let mut states = runs.watch_attribution_run(north.ask(ask)).await.expect("a run").into_inner();
    let mut last = None;
    while let Some(state) = states.message().await.expect("a state") {
        last = state.run;
    }
    let done = last.expect("a run");
    assert_eq!(done.state(), performance::AttributionRunState::Done, "{}", done.failure);
    let summary = done.summary.expect("a summary");
    assert_eq!((summary.records, summary.unattributed, summary.people), (2, 0, 3));
}
