//! Two regions, each a stack of its own: the month of one is done, its report and directory cross to the other, and nothing
//! else does. Canaries planted in the one are searched for in every byte that the other keeps or sends.

use std::collections::{BTreeMap, BTreeSet};

use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_bundle::sheet::Csv;
use tally_bundle::{Options, Reading, read_bundle};
use tally_rpc::error_from;
use tally_suite::close::{CloseOutcome, Crew, FORM, Job, Rejections, close};
use tally_suite::language::Language;
use tally_suite::progress::Progress;
use tally_suite::sample::{Lang, sample};
use tally_suite::session::Session;
use tally_testkit::eventually;
use tally_testkit::otlp::Receiver;
use tempfile::TempDir;
use tonic::Code;
use uuid::Uuid;

use crate::journey::{Done, PASSWORD, agent, look};
use crate::lists::{call, row, rpcs};
use crate::rooms::access::somebody;
use crate::rooms::regions as transfers;
use crate::stack::Stack;
use crate::standard;

pub const NORTH: &str = "cn-north";
pub const WEST: &str = "eu-west";
const GROUP: &str = "Star River Group";
/// The pool: no amount paid out of it is a number that is anywhere by chance.
const POOL: &str = "98765432109.87";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_one_region_is_in_no_byte_of_the_other() {
    let (sink, far_sink) = (Receiver::start().await, Receiver::start().await);
    let mut north = Stack::of_region(NORTH, &sink.endpoint()).await;
    let done = month(&north).await;
    look(&north, &done).await;
    let (_, card) = done.outcome.cards.get(1).expect("a second card");
    agent(&done, &card.person_id, "kanari.agent").await;
    let mut west = Stack::of_region(WEST, &far_sink.endpoint()).await;
    let (hr, approver) = settle_in(&west, &done).await;
    each_refuses_what_is_the_others(&done, &hr).await;
    no_token_of_the_other_region_is_taken(&north, &west, &done).await;

    transfers::trust(&west, &north, NORTH);
    transfers::trust(&north, &west, WEST);
    let crossed = reports_cross(&done, &hr).await;
    let directories = directories_cross(&done, &hr, &approver).await;

    let planted = planted(&done);
    let flat: Vec<(&str, Vec<u8>)> = planted
        .iter()
        .flat_map(|(kind, texts)| texts.iter().flat_map(|text| needles(text)).map(|n| (*kind, n)))
        .collect();
    let index = Index::new(&flat);
    let standard = standard::crosses((&north, &done.crew.hr), (&west, &hr)).await;
    for file in crossed.iter().chain(&directories).chain([&standard]) {
        assert_eq!(index.found_in(file.as_bytes()), BTreeMap::new(), "in a file that crosses: {file}");
    }
    for stack in [&mut north, &mut west] {
        stack.stop().await;
    }
    for (place, bytes) in kept(&west, &far_sink) {
        assert_eq!(index.found_in(&bytes), BTreeMap::new(), "in {place} of {WEST}");
    }
    seen_at_home(&north, &sink, &index, &planted);
}

/// The sample with one region and canaries in it.
fn planted_bundle() -> (TempDir, Reading) {
    let folder = TempDir::new().expect("a temporary folder");
    for (name, text) in sample(7, 1_500, Lang::En).files() {
        let mut text = text.replace("Team ", "Kanari-Team ").replace("Customer Service", "Kanari-Service");
        text = text.replace("-kf", "-kanari").replace("amount: 60000.00", &format!("amount: {POOL}"));
        for region in ["cn-east", "cn-south", "cn-west"] {
            text = text.replace(region, NORTH);
        }
        let rows = text.lines().map(|line| if name.ends_with(".csv") { canaries(name, line) } else { line.to_owned() });
        std::fs::write(folder.path().join(name), rows.collect::<Vec<_>>().join("\n") + "\n").expect("a file");
    }
    let reading = read_bundle(folder.path(), Options::default(), &mut |_, _| {}).expect("a sound bundle");
    (folder, reading)
}

/// A row with its employee numbers, names and customers marked.
fn canaries(file: &str, line: &str) -> String {
    let number = |cell: &str| cell.len() == 5 && cell.starts_with("10") && cell.bytes().all(|b| b.is_ascii_digit());
    let mut cells: Vec<String> =
        line.split(',').map(|cell| if number(cell) { format!("KANARI-{cell}") } else { cell.to_owned() }).collect();
    if file == "people.csv" && cells[0] != "employee_no" {
        cells[1] = format!("Kanarienvogel {}", cells[1]);
    }
    if let Some(customer) = cells.last_mut().filter(|cell| file == "records.csv" && *cell != "customer") {
        *customer = format!("kanari-{customer}");
    }
    cells.join(",")
}

/// The month of the first stack, from files to statements.
async fn month(stack: &Stack) -> Done {
    let (_folder, reading) = planted_bundle();
    let crew = Crew::hire(&stack.channels, &reading.bundle, PASSWORD).await.expect("a crew");
    let out = TempDir::new().expect("a temporary folder");
    let (progress, rejected_before) = (Progress::new(true, Language::En), Rejections::new());
    let job = Job {
        reading: &reading,
        rejected_before,
        out: out.path().to_owned(),
        form: FORM,
        csv: Csv::ForPeople,
        progress: &progress,
    };
    let outcome: CloseOutcome =
        Box::pin(close(&crew, job)).await.unwrap_or_else(|error| panic!("{}: {error:#}", stack.name));
    let mut tenants = tenants(&crew.admin);
    let ask = identity::AddRegionRequest { region: WEST.into(), ..Default::default() };
    let group = tenants.add_region(crew.admin.ask(ask)).await.expect("a region").into_inner().tenant;
    let tenant = group.expect("the group").tenant_id.parse().expect("an id");
    Done { crew, reading, outcome, out, tenant }
}

fn tenants(who: &Session) -> identity::tenant_service_client::TenantServiceClient<tally_rpc::RpcChannel> {
    identity::tenant_service_client::TenantServiceClient::new(who.at.identity.clone())
}

/// The same group in the second stack, with six people of its own: who prepares there, and who approves.
async fn settle_in(west: &Stack, done: &Done) -> (Session, Session) {
    let ask = |regions: &[&str]| identity::InitTenantRequest {
        name: GROUP.into(),
        currency: "CNY".into(),
        zone: "Europe/Berlin".into(),
        regions: regions.iter().map(|region| (*region).to_owned()).collect(),
        admin_login: "admin".into(),
        admin_password: PASSWORD.into(),
        tenant_id: done.tenant.to_string(),
        ..Default::default()
    };
    let mut stranger = identity::tenant_service_client::TenantServiceClient::new(west.channels.identity.clone());
    let refused = stranger.init_tenant(ask(&[NORTH])).await.expect_err("a group without this stack's region");
    assert_eq!(error_from(refused).reason(), "REGION_NOT_SERVED");
    let made = stranger.init_tenant(ask(&[NORTH, WEST])).await.expect("the group").into_inner().tenant;
    assert_eq!(made.map(|tenant| tenant.tenant_id), Some(done.tenant.to_string()));
    let admin = Session::sign_in(&west.channels, "admin", PASSWORD).await.expect("a session");
    let hr = somebody(&admin, "hr", "group_hr").await;
    let approver = somebody(&admin, "approver", "approver").await;
    let mut org = identity::org_service_client::OrgServiceClient::new(west.channels.identity.clone());
    let desk = identity::OrgUnitRow { path: "Berlin/Desk".into(), region: WEST.into(), ..Default::default() };
    let ask = identity::ImportOrgUnitsRequest { rows: vec![desk], ..Default::default() };
    org.import_org_units(hr.ask(ask)).await.expect("units");
    hire(&hr, 0..6).await;
    (hr, approver)
}

/// People of the second stack.
async fn hire(hr: &Session, numbers: std::ops::Range<u32>) {
    let row = |n: u32| identity::PersonRow {
        employee_no: format!("W{n}"),
        name: format!("Wessi {n}"),
        unit_path: "Berlin/Desk".into(),
        hired_on: "2026-01-05".into(),
        ..Default::default()
    };
    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    let rows: Vec<_> = numbers.map(row).collect();
    let count = rows.len();
    let ask = identity::ImportPeopleRequest { rows, ..Default::default() };
    let written = people.import_people(hr.ask(ask)).await.expect("people").into_inner().result.expect("a result");
    assert_eq!(written.written as usize, count, "{written:?}");
}

async fn each_refuses_what_is_the_others(done: &Done, west: &Session) {
    for (who, region) in [(&done.crew.hr, WEST), (west, NORTH)] {
        let mut org = identity::org_service_client::OrgServiceClient::new(who.at.identity.clone());
        let row = identity::OrgUnitRow { path: "Elsewhere".into(), region: region.into(), ..Default::default() };
        let ask = identity::ImportOrgUnitsRequest { rows: vec![row], ..Default::default() };
        let refused = error_from(org.import_org_units(who.ask(ask)).await.expect_err("a unit of the other region"));
        assert_eq!(refused.reason(), "REGION_NOT_SERVED");
        assert!(tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains(region), "{refused:?}");
    }
}

/// The other stack does not know the key. One that has a copy of every key refuses the token for its region.
async fn no_token_of_the_other_region_is_taken(north: &Stack, west: &Stack, done: &Done) {
    let token = bearer(&done.crew.hr);
    let copied = Stack::with_keys_of(north, WEST).await;
    let same_region = Stack::with_keys_of(north, NORTH).await;
    for rpc in rpcs() {
        if row(&rpc).needs == tally_access::Needs::Nothing {
            continue;
        }
        for (stack, reason) in [(west, "TOKEN_INVALID"), (&copied, "TOKEN_OF_ANOTHER_REGION")] {
            // A service that asked identity for keys a moment ago asks again before it says no.
            let sure = eventually(&rpc, async || {
                let status = call(&stack.channels, &rpc, Some(&token)).await;
                (error_from(status.clone()).reason() != "KEY_NOT_KNOWN_YET").then_some(status)
            });
            let status = sure.await;
            assert_eq!(status.code(), Code::Unauthenticated, "{rpc}: {status:?}");
            assert_eq!(error_from(status).reason(), reason, "{rpc}");
        }
    }
    // It is the region that is refused: with the same keys in a stack of the same region the token gets further.
    let status = call(&same_region.channels, "tally.identity.v1.TenantService/GetTenant", Some(&token)).await;
    assert_ne!(error_from(status).reason(), "TOKEN_OF_ANOTHER_REGION");
}

fn bearer(session: &Session) -> String {
    let request = session.ask(());
    let header = request.metadata().get("authorization").expect("a token").to_str().expect("text");
    header.trim_start_matches("Bearer ").to_owned()
}

/// The report of the month crosses: the file.
async fn reports_cross(done: &Done, west: &Session) -> Vec<String> {
    let asked = transfers::report(&done.outcome.cycle_id, WEST);
    let (entry, file) = transfers::released(&done.crew.hr, &done.crew.approver, asked).await;
    assert_eq!((entry.from_region.as_str(), entry.month.as_str()), (NORTH, "2026-03"));
    let forged = file.replacen("\"people\":", "\"people\":1", 1);
    let refused = transfers::try_import(west, &forged).await.expect_err("a file that was altered");
    assert_eq!(error_from(refused).reason(), "TRANSFER_SIGNATURE_WRONG");
    let refused = transfers::try_import(&done.crew.hr, &file).await.expect_err("a file for another region");
    assert_eq!(error_from(refused).reason(), "REGION_KEY_UNKNOWN");
    assert_eq!(transfers::import(west, &file).await.items, entry.items);
    let shown = |cells: Vec<performance::Cell>| {
        let plain = |cell: performance::Cell| (cell.unit_id, cell.name, cell.people, cell.credited, cell.mean_score);
        cells.into_iter().map(plain).collect::<BTreeSet<_>>()
    };
    let there = shown(transfers::cells(west).await);
    assert_eq!(there, shown(transfers::cells(&done.crew.hr).await), "both see the same figures");
    assert!(there.iter().all(|(_, _, people, ..)| *people >= 5), "{there:?}");
    let named: BTreeSet<&str> = there.iter().map(|(_, name, ..)| name.as_str()).collect();
    assert_eq!(named, ["", "Chengdu", "Guangzhou", "Hangzhou", "Star River Group"].into(), "{there:?}");
    // The other way there is nothing to tell: no cycle of that stack is published.
    vec![file]
}

/// The directories cross both ways: the files.
async fn directories_cross(done: &Done, west: &Session, approver: &Session) -> Vec<String> {
    let (_, card) = done.outcome.cards.first().expect("a card");
    let pseudonym = transfers::pseudonym(&done.crew.hr, &card.person_id, "").await.expect("a pseudonym");
    assert_eq!(pseudonym.parse::<Uuid>().map(|id| id.get_version_num()), Ok(4), "nothing but chance is in it");
    assert!(transfers::located(west.at.identity.clone(), &pseudonym).await.is_empty(), "nobody told yet");
    let (there, out) = transfers::released(&done.crew.hr, &done.crew.approver, transfers::directory(NORTH, WEST)).await;
    let (back, home) = transfers::released(west, approver, transfers::directory("", NORTH)).await;
    assert_eq!(back.items, 6);
    assert_eq!(transfers::import(west, &out).await.items, there.items);
    assert_eq!(transfers::import(&done.crew.hr, &home).await.items, 6);
    for stack in [&west.at, &done.crew.hr.at] {
        assert_eq!(transfers::located(stack.identity.clone(), &pseudonym).await, [NORTH]);
    }
    // Whoever goes to the other region brings the pseudonym along, and is one person for the group.
    hire(west, 6..7).await;
    let mut people = identity::person_service_client::PersonServiceClient::new(west.at.identity.clone());
    let ask = identity::GetPersonRequest { employee_no: "W6".into(), ..Default::default() };
    let newcomer = people.get_person(west.ask(ask)).await.expect("a person").into_inner().person.expect("a person");
    let brought = transfers::pseudonym(west, &newcomer.person_id, &pseudonym).await;
    assert_eq!(brought.as_ref(), Ok(&pseudonym));
    assert_eq!(transfers::located(west.at.identity.clone(), &pseudonym).await, [NORTH, WEST]);
    vec![out, home]
}

/// What was planted, by kind.
fn planted(done: &Done) -> BTreeMap<&'static str, Vec<String>> {
    let bundle = &done.reading.bundle;
    let ids = &done.outcome.ids;
    let numbers = bundle.people.iter().map(|person| person.employee_no.clone()).collect();
    let amounts = done.outcome.statements.iter().filter_map(|(_, statement)| statement.amount.as_ref());
    let amounts: Vec<String> = amounts.map(|money| money.minor.to_string()).filter(|text| text.len() >= 9).collect();
    assert!(!amounts.is_empty(), "nobody is paid enough to be searched for");
    let records: Vec<String> =
        bundle.records.iter().map(|record| bundle.symbols.get(record.external_id).to_owned()).collect();
    assert!(records.len() > 1_000 && records.iter().all(|id| id.len() >= 12), "{:?}", records.first());
    BTreeMap::from([
        ("name", vec!["Kanarienvogel".to_owned()]),
        ("employee number", numbers),
        ("sign-in name", vec!["kanari.agent".to_owned()]),
        ("unit below a branch", vec!["Kanari-Team".to_owned(), "Kanari-Service".to_owned()]),
        ("customer", vec!["kanari-c".to_owned()]),
        ("account", vec!["jd-kanari".to_owned(), "vip-kanari".to_owned(), "tm-kanari".to_owned()]),
        ("record", records),
        ("person", ids.people.clone()),
        ("account id", ids.accounts.clone()),
        ("cycle", vec![done.outcome.cycle_id.clone()]),
        ("settlement", done.outcome.settlement_id.clone().into_iter().collect()),
        ("amount", amounts),
    ])
}

/// A canary as it may stand in bytes: as text, as text in the hex of a dump, and an id also as its 16 bytes.
fn needles(text: &str) -> Vec<Vec<u8>> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes();
    let mut needles = vec![text.as_bytes().to_vec(), hex(text.as_bytes())];
    if let Ok(id) = Uuid::parse_str(text) {
        needles.extend([id.as_bytes().to_vec(), hex(id.as_bytes())]);
    }
    needles
}

/// Everything that a stack keeps or sends, by place. What its processes write down (logs, heads, keys) is one.
fn kept(stack: &Stack, sink: &Receiver) -> Vec<(&'static str, Vec<u8>)> {
    let database = stack.database.as_ref().expect("a database");
    let mut files = Vec::new();
    let mut folders = vec![stack.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.extend(std::fs::read(path).expect("a file"));
            }
        }
    }
    let kept = vec![
        ("the dump of the database", database.dump().expect("a dump").into_bytes()),
        ("the server's files", database.files().expect("files")),
        ("the server's write-ahead log", database.write_ahead_log().expect("a log")),
        ("the server's own log", database.server_log().expect("a log")),
        ("Redis", stack.redis.as_ref().expect("a Redis").snapshot()),
        ("the logs", files),
        ("the traces and metrics", sink.bytes()),
    ];
    // A search of nothing finds nothing: each place holds what it is known to hold.
    for ((place, bytes), known) in kept.iter().zip([GROUP, GROUP, GROUP, GROUP, "redis-ver", "serving", "performance"])
    {
        assert!(bytes.windows(known.len()).any(|window| window == known.as_bytes()), "{place} does not hold {known:?}");
    }
    kept
}

/// The control: the same search finds every kind of canary at home. Amounts are sealed, so not even there.
fn seen_at_home(north: &Stack, sink: &Receiver, index: &Index<'_>, planted: &BTreeMap<&str, Vec<String>>) {
    let mut places = BTreeMap::<&str, BTreeMap<&str, usize>>::new();
    for (place, bytes) in kept(north, sink) {
        places.insert(place, index.found_in(&bytes));
    }
    for place in ["the dump of the database", "the server's files", "the server's own log"] {
        let found: BTreeSet<&str> = places[place].keys().copied().collect();
        let sought: BTreeSet<&str> = planted.keys().copied().filter(|kind| *kind != "amount").collect();
        assert_eq!(found, sought, "{place}: {places:?}");
    }
}

/// Many needles, looked for at once: by their first bytes.
struct Index<'n> {
    first: Vec<bool>,
    by_head: BTreeMap<[u8; HEAD], Vec<(&'n str, &'n [u8])>>,
}

/// Bytes that every needle has at least.
const HEAD: usize = 8;

impl<'n> Index<'n> {
    fn new(needles: &'n [(&'n str, Vec<u8>)]) -> Self {
        let mut index = Self { first: vec![false; 1 << 16], by_head: BTreeMap::new() };
        for (kind, needle) in needles {
            let head: &[u8; HEAD] = needle.first_chunk().unwrap_or_else(|| panic!("a short {kind}: {needle:?}"));
            index.first[usize::from(u16::from_be_bytes([head[0], head[1]]))] = true;
            index.by_head.entry(*head).or_default().push((*kind, needle.as_slice()));
        }
        index
    }

    /// How often each kind of canary is in these bytes.
    fn found_in(&self, bytes: &[u8]) -> BTreeMap<&'n str, usize> {
        let mut found = BTreeMap::new();
        for at in 0..bytes.len().saturating_sub(HEAD - 1) {
            if !self.first[usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))] {
                continue;
            }
            let head: [u8; HEAD] = bytes[at..at + HEAD].try_into().expect("eight bytes");
            for (kind, needle) in self.by_head.get(&head).into_iter().flatten() {
                if bytes[at..].starts_with(needle) {
                    *found.entry(*kind).or_insert(0) += 1;
                }
            }
        }
        found
    }
}

#[test]
fn the_search_finds_text_hex_and_ids_wherever_they_stand() {
    let id = "0199aaaa-0000-7000-8000-0000000000ff";
    let flat: Vec<(&str, Vec<u8>)> = needles(id).into_iter().map(|needle| ("person", needle)).collect();
    let index = Index::new(&flat);
    let raw = Uuid::parse_str(id).expect("an id").into_bytes();
    let hex: String = id.bytes().map(|byte| format!("{byte:02x}")).collect();
    for hay in [id.as_bytes().to_vec(), hex.into_bytes(), raw.to_vec(), id.replace('-', "").into_bytes()] {
        for around in ["", "x", "0199"] {
            let hay = [around.as_bytes(), &hay, around.as_bytes()].concat();
            assert_eq!(index.found_in(&hay), [("person", 1)].into(), "{hay:?}");
        }
    }
    assert_eq!(index.found_in(&id.as_bytes()[..20]), BTreeMap::new());
}
