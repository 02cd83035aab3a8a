//! A folder goes on being taken after a team of it was renamed, moved to another branch and closed, by its old paths and its new ones.

use std::path::Path;

use serde_json::Value;
use tally_api::attendance::v1 as attendance;
use tally_api::identity::v1 as identity;
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

    /// An account and its unit, as somebody sees them.
    async fn unit_of(&self, who: &Session, name: &str) -> Option<String> {
        let mut client = attendance::account_service_client::AccountServiceClient::new(who.at.attendance.clone());
        let ask = attendance::ListAccountsRequest { page_size: 100, ..Default::default() };
        let accounts = client.list_accounts(who.ask(ask)).await.expect("accounts").into_inner().accounts;
        accounts.into_iter().find(|account| account.name == name).map(|account| account.unit_id)
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
    let units = tally_suite::upload::unit_ids(hr).await.expect("units");
    let (mail, desk, branches) = (&units["North/Mail"], &units["South/Desk"], (&units["North"], &units["South"]));

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
    of_the_branch(&folder, &crew, branches.0).await;
    old_name_anew(&folder, more).await;

    let (unit_id, move_people_to, from) = (mail.clone(), desk.clone(), "2026-03-16".to_owned());
    let ask = identity::CloseOrgUnitRequest { unit_id, move_people_to, from, backdated: true, ..Default::default() };
    orgs(hr).close_org_unit(hr.ask(ask)).await.expect("closed");
    folder.is_there(&["North/Post", "South/Post"], (SOUTH, "Mart,One,m2,shared,1,,South/Post\n", "")).await;
    new_of_a_closed_team(&folder, mail).await;
    stack.stop().await;
}

/// The branch that the team went away from brings in what it has still; what it does not reach any more is told and kept back.
async fn of_the_branch(folder: &Folder<'_>, crew: &Crew, north: &str) {
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
