//! The gateway's other doors, as clients that other people wrote use them: Connect, gRPC-Web, and gRPC on the same port.

use std::path::PathBuf;
use std::process::Output;

use prost::Message as _;
use serde_json::{Value, json};
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_testkit::databases::Backend;
use tempfile::TempDir;
use tokio::process::Command;

use crate::rest::{Client, PASSWORD, group};
use crate::stack::Stack;

/// A cycle that is not there.
const NONE: &str = "01977f2e-8a4c-7d31-9b52-6f0c1e2d3a4b";

/// A suite with a group, its gateway, its administrator there, and the token of somebody of HR.
async fn with_hr(backend: Backend) -> (Stack, Client, String) {
    let (stack, admin) = group(backend).await;
    admin.post("/v1/logins", &json!({ "login": "hr", "password": PASSWORD })).await;
    let grant =
        json!({ "role": "group_hr", "scope": "SCOPE_KIND_TENANT", "validFrom": "2026-01-01", "reason": "asks" });
    admin.post("/v1/grants", &json!({ "login": "hr", "grant": grant })).await;
    let session = admin.post("/v1/sessions", &json!({ "login": "hr", "password": PASSWORD })).await;
    let token = session["accessToken"].as_str().expect("a token").to_owned();
    (stack, admin, token)
}

/// The folder of clients that `./test` fetches, with our programs beside them.
fn clients() -> Option<(TempDir, PathBuf)> {
    let Some(fetched) = std::env::var_os("TALLY_TEST_CLIENTS").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "CI fetches the clients that this test runs");
        eprintln!(
            "did not run: TALLY_TEST_CLIENTS is not set, which ./test does where it can fetch what is in tests/clients"
        );
        return None;
    };
    let folder = TempDir::new().expect("a temporary folder");
    std::os::unix::fs::symlink(fetched.join("node_modules"), folder.path().join("node_modules")).expect("a link");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/clients")).expect("our programs") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            std::fs::copy(&path, folder.path().join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
    Some((folder, fetched))
}

async fn output(command: &mut Command) -> Output {
    let run = tokio::time::timeout(tally_testkit::NEVER, command.kill_on_drop(true).output());
    run.await.expect("in time").expect("the program is there")
}

async fn lines(command: &mut Command) -> Vec<String> {
    let output = output(command).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

tally_testkit::on_both!(connect_for_node_speaks_every_protocol_of_the_port, flavor = "multi_thread");

/// @connectrpc/connect-node signs in, lists, reads streams and sends one, and reads refusals in its own terms, by Connect in each form, gRPC-Web
/// and gRPC.
async fn connect_for_node_speaks_every_protocol_of_the_port(backend: Backend) {
    let Some((folder, _)) = clients() else { return };
    let (_stack, admin, _) = with_hr(backend).await;
    let descriptors = folder.path().join("descriptors");
    std::fs::write(&descriptors, tally_api::FILE_DESCRIPTOR_SET).expect("a file");
    let mut node = Command::new("node");
    node.arg(folder.path().join("connect.mjs")).arg(format!("http://{}", admin.at)).arg(&descriptors).arg(PASSWORD);
    let heard: Vec<Value> =
        lines(&mut node).await.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(heard.len(), 7, "{heard:?}");
    for told in heard {
        let transport = told["transport"].as_str().expect("a name");
        assert_eq!(told["names"], json!(["My group"]), "{told}");
        let tables: Vec<&str> = told["tables"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        assert!(tables.len() > 3, "a stream of many: {told}");
        assert_eq!(told["problems"], json!([0, 1]), "rows of both parts: {told}");
        for refused in ["unknown", "watched", "nobody"] {
            let code = if refused == "nobody" { "Unauthenticated" } else { "NotFound" };
            assert_eq!(told[refused]["code"], code, "{refused}: {told}");
            assert_eq!(told[refused]["details"][0], "google.rpc.ErrorInfo", "{refused}: {told}");
        }
        let by_get = transport == "connect json 1.1" || transport == "connect proto 1.1";
        assert_eq!(told["kept"], if by_get { json!(["ListOrgUnits"]) } else { json!([]) }, "{told}");
        // Connect tells the sentence in the caller's language; gRPC tells English, and the other in its details.
        let message = told["unknown"]["message"].as_str().expect("a sentence");
        assert_eq!(message.is_ascii(), !transport.starts_with("connect"), "{told}");
    }
}

/// A program that calls an rpc with bytes, and what stands before its arguments.
struct Program {
    path: PathBuf,
    args: Vec<String>,
    /// Whether it can ask by GET.
    gets: bool,
}

/// What such a program heard: answers, and how it ended.
struct Heard {
    answers: Vec<Vec<u8>>,
    status: String,
}

impl Program {
    async fn call(&self, (to, token): (&Client, &str), (kind, method): (&str, &str), questions: &[Vec<u8>]) -> Heard {
        let mut command = Command::new(&self.path);
        command.args(&self.args).args([&to.at.to_string(), token, kind, method]);
        let mut told = lines(command.args(questions.iter().map(|one| hex(one)))).await;
        let status = told.pop().expect("a status");
        Heard { answers: told.iter().map(|line| bytes(line)).collect(), status }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}

tally_testkit::on_both!(
    clients_that_other_people_wrote_call_every_service_through_the_one_port,
    flavor = "multi_thread"
);

/// @grpc/grpc-js and grpcio by gRPC, and the crate connectrpc by each of its protocols over HTTP/1.1 and HTTP/2: one message, streams either way,
/// refusals.
async fn clients_that_other_people_wrote_call_every_service_through_the_one_port(backend: Backend) {
    let Some((folder, fetched)) = clients() else { return };
    let (_stack, admin, hr) = with_hr(backend).await;
    let ours = |name: &str| vec![folder.path().join(name).display().to_string()];
    let mut programs = vec![
        Program { path: "node".into(), args: ours("grpc.mjs"), gets: false },
        Program { path: fetched.join("python/bin/python"), args: ours("grpcio.py"), gets: false },
    ];
    for (protocol, http) in
        [("connect", "1.1"), ("connect", "2"), ("grpc-web", "1.1"), ("grpc-web", "2"), ("grpc", "2")]
    {
        let args = vec![protocol.to_owned(), http.to_owned()];
        programs.push(Program { path: fetched.join("connectrpc"), args, gets: protocol == "connect" });
    }
    for program in &programs {
        calls(program, &admin, &hr).await;
    }
}

async fn calls(program: &Program, admin: &Client, hr: &str) {
    let ask = identity::ListOrgUnitsRequest { page_size: 10, ..Default::default() }.encode_to_vec();
    let list = "tally.identity.v1.OrgService/ListOrgUnits";
    for kind in if program.gets { ["one", "get"].as_slice() } else { &["one"] } {
        let heard = program.call((admin, &admin.token), (kind, list), std::slice::from_ref(&ask)).await;
        let units = identity::ListOrgUnitsResponse::decode(heard.answers[0].as_slice()).expect("units").units;
        assert_eq!((units[0].name.as_str(), heard.status.as_str()), ("My group", "0 "), "{:?}", program.args);
        let heard = program.call((admin, ""), (kind, list), std::slice::from_ref(&ask)).await;
        assert!(heard.answers.is_empty() && heard.status.starts_with("16 "), "{:?} {}", program.args, heard.status);
    }
    let export = ("out", "tally.identity.v1.TenantService/ExportTenant");
    let heard = program.call((admin, &admin.token), export, &[Vec::new()]).await;
    assert!(heard.answers.len() > 3 && heard.status == "0 ", "{:?} {}", program.args, heard.status);
    let watched = performance::WatchCycleRequest { cycle_id: NONE.into() }.encode_to_vec();
    let watch = ("out", "tally.performance.v1.CycleService/WatchCycle");
    let heard = program.call((admin, &admin.token), watch, &[watched]).await;
    assert!(heard.answers.is_empty() && heard.status.starts_with("5 "), "{:?} {}", program.args, heard.status);
    let row = performance::Observation { measure: "nothing".into(), value: "4".into(), ..Default::default() };
    let part = performance::StreamObservationsRequest { rows: vec![row], ..Default::default() }.encode_to_vec();
    let send = ("in", "tally.performance.v1.ObservationService/StreamObservations");
    let heard = program.call((admin, hr), send, &[part.clone(), part]).await;
    let result = performance::StreamObservationsResponse::decode(heard.answers[0].as_slice()).expect("a result");
    let problems = result.result.expect("a result").problems;
    assert_eq!((problems.len(), heard.status.as_str()), (2, "0 "), "{:?} {problems:?}", program.args);
    let heard = program.call((admin, hr), ("one", "tally.identity.v1.OrgService/Nothing"), &[Vec::new()]).await;
    assert!(heard.status.starts_with("12 "), "{:?} {}", program.args, heard.status);
}

/// curl calls an rpc with JSON and no more than its name.
#[tokio::test(flavor = "multi_thread")]
async fn curl_calls_an_rpc_by_its_name() {
    let (_stack, admin, _) = with_hr(Backend::Sqlite).await;
    let bearer = format!("authorization: Bearer {}", admin.token);
    let curl = async |rpc: &str, more: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-w", "\n%{http_code}", "-H", &bearer]).args(more).arg(format!("http://{}/{rpc}", admin.at));
        let told = lines(&mut curl).await;
        let (status, body) = told.split_last().expect("a status");
        (status.clone(), serde_json::from_str::<Value>(&body.join("\n")).unwrap_or_default())
    };
    let json = ["-H", "content-type: application/json", "-d"];
    let list = "tally.identity.v1.OrgService/ListOrgUnits";
    let (status, told) = curl(list, &[json.as_slice(), &[r#"{"pageSize":10}"#]].concat()).await;
    assert_eq!((status.as_str(), &told["units"][0]["name"]), ("200", &json!("My group")));
    let get = format!("{list}?connect=v1&encoding=json&message=%7B%7D");
    assert_eq!(curl(&get, &[]).await.1["units"][0]["name"], "My group");
    // Time that is over before anything began is over.
    let late = ["-H", "connect-timeout-ms: 0"];
    let (status, told) = curl(list, &[json.as_slice(), &["{}"], &late].concat()).await;
    assert_eq!((status.as_str(), &told["code"]), ("504", &json!("deadline_exceeded")));
    let zh = ["-H", "accept-language: zh-CN"];
    let (status, told) = curl(list, &[json.as_slice(), &[r#"{"nothing":1}"#], &zh].concat()).await;
    assert_eq!((status.as_str(), &told["code"]), ("400", &json!("invalid_argument")));
    assert!(!told["message"].as_str().expect("a sentence").is_ascii(), "{told}");
    let (status, _) = curl("tally.identity.v1.AccessService/GetView", &[json.as_slice(), &["{}"]].concat()).await;
    assert_eq!(status, "404", "what services ask of each other is nobody else's");
    let (status, _) = curl(list, &["-d", "page_size=10"]).await;
    assert_eq!(status, "415");
}
