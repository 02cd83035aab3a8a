//! The gateway: what rpcs answer is answered over HTTP, and what they refuse is refused there, in words.

mod described;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tally_api::identity::v1 as identity;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_testkit::NEVER;
use tally_testkit::databases::Backend;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::stack::Stack;

pub const PASSWORD: &str = "Correct-Horse-9-Battery";

/// A client of the gateway, signed in or not.
pub struct Client {
    pub at: SocketAddr,
    pub token: String,
}

impl Client {
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
        let stream = TcpStream::connect(self.at).await.expect("the gateway listens");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).expect("a method")).uri(path);
        request = request.header("host", self.at.to_string());
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
        let answer =
            tokio::time::timeout(NEVER, sender.send_request(request)).await.expect("in time").expect("an answer");
        let (head, body) = answer.into_parts();
        Response::from_parts(head, body.collect().await.expect("its body").to_bytes())
    }

    /// A client of the same gateway for this login.
    async fn signed_in(&self, login: &str) -> Self {
        let session = self.post("/v1/sessions", &json!({ "login": login, "password": PASSWORD })).await;
        Self { at: self.at, token: session["accessToken"].as_str().expect("a token").to_owned() }
    }

    /// The first line of the answer to a body that is only announced: whoever sends all of it may find the way closed before it reads.
    async fn announced(&self, path: &str, length: usize) -> String {
        let mut stream = TcpStream::connect(self.at).await.expect("the gateway listens");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-length: {length}\r\n\r\n",
            self.at, self.token
        );
        stream.write_all(head.as_bytes()).await.expect("a head is sent");
        let (mut line, mut answer) = (String::new(), BufReader::new(stream));
        tokio::time::timeout(NEVER, answer.read_line(&mut line)).await.expect("in time").expect("a line");
        line
    }

    async fn get(&self, path: &str) -> Value {
        told(&self.send("GET", path, &[], "").await, StatusCode::OK)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let sent = self.send("POST", path, &[("content-type", "application/json")], &body.to_string()).await;
        told(&sent, StatusCode::OK)
    }
}

fn told(answer: &Response<Bytes>, status: StatusCode) -> Value {
    let body = String::from_utf8_lossy(answer.body());
    assert_eq!(answer.status(), status, "{body}");
    assert!(answer.headers().contains_key("x-request-id"), "{:?}", answer.headers());
    serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e}: {body}"))
}

/// A suite with a group, its gateway, and its administrator there.
pub async fn group(backend: Backend) -> (Stack, Client) {
    group_of(Stack::on(backend).await).await
}

async fn group_of(mut stack: Stack) -> (Stack, Client) {
    let at = stack.gateway().await;
    let nobody = Client { at, token: String::new() };
    let ask = json!({
        "name": "My group", "currency": "CNY", "zone": "Asia/Shanghai", "regions": ["local"],
        "adminLogin": "admin", "adminPassword": PASSWORD
    });
    nobody.post("/v1/tenants", &ask).await;
    let admin = nobody.signed_in("admin").await;
    (stack, admin)
}

tally_testkit::on_both!(what_an_rpc_answers_is_answered_over_http, flavor = "multi_thread");

/// A change is made once however often it is sent, what it made is read, listed by pages and as gRPC tells it, and a request that cannot be
/// is refused with every reason in the caller's language.
async fn what_an_rpc_answers_is_answered_over_http(backend: Backend) {
    let (stack, admin) = group(backend).await;
    let rows = json!({ "rows": [
        { "path": "North", "kind": "ORG_UNIT_KIND_BRANCH", "region": "local", "validFrom": "2026-01-01" },
        { "path": "South", "kind": "ORG_UNIT_KIND_BRANCH", "region": "local", "validFrom": "2026-01-01" },
    ] });
    let key = [("idempotency-key", "units-1"), ("content-type", "application/json")];
    let first = admin.send("POST", "/v1/orgUnits:import", &key, &rows.to_string()).await;
    let again = admin.send("POST", "/v1/orgUnits:import", &key, &rows.to_string()).await;
    assert_eq!(told(&first, StatusCode::OK), told(&again, StatusCode::OK));
    let other = admin.send("POST", "/v1/orgUnits:import", &key, r#"{"rows":[]}"#).await;
    assert_eq!(told(&other, StatusCode::BAD_REQUEST)["reason"], "REQUEST_ID_REUSED");

    let listed = admin.get("/v1/orgUnits?page_size=100").await;
    let ask = identity::ListOrgUnitsRequest { page_size: 100, ..Default::default() };
    let mut request = tonic::Request::new(ask);
    tally_rpc::bearer(&mut request, &admin.token);
    let mut units = OrgServiceClient::new(stack.channels.identity.clone());
    let by_rpc = units.list_org_units(request).await.expect("units").into_inner();
    let by_rpc = tally_api::json::answer("tally.identity.v1.OrgService", "ListOrgUnits", &by_rpc).expect("JSON");
    assert_eq!(listed.to_string(), serde_json::from_str::<Value>(&by_rpc).expect("JSON").to_string());
    assert_eq!(listed["units"].as_array().map(Vec::len), Some(3));

    let page = admin.send("GET", "/v1/orgUnits?pageSize=1&fields=units.name", &[], "").await;
    let next = page.headers()["link"].to_str().expect("a text").to_owned();
    assert_eq!(told(&page, StatusCode::OK), json!({ "units": [{ "name": listed["units"][0]["name"] }] }));
    let next = next.strip_prefix('<').and_then(|next| next.split_once(">; rel=\"next\"")).expect("a link").0;
    assert_eq!(admin.get(next).await["units"][0]["name"], listed["units"][1]["name"]);

    let etag = page.headers()["etag"].to_str().expect("a text");
    let same = admin.send("GET", "/v1/orgUnits?pageSize=1&fields=units.name", &[("if-none-match", etag)], "").await;
    assert_eq!((same.status(), same.body().len()), (StatusCode::NOT_MODIFIED, 0));
    refusals(&admin).await;
    malformed(&admin).await;
    pages(&admin).await;
}

/// What is wrong with the form of a question is told by the field, with its reason, and in the caller's language alone.
async fn malformed(admin: &Client) {
    let chinese = [("accept-language", "zh-CN")];
    let violation = |answer: &Response<Bytes>| {
        let problem = told(answer, StatusCode::BAD_REQUEST);
        assert_eq!(problem["reason"], "INVALID_REQUEST", "{problem}");
        problem["violations"][0].clone()
    };
    let id = "01977f2e-8a4c-7d31-9b52-6f0c1e2d3a4b";
    for (path, field, reason) in [
        ("/v1/cycles/%ff", "cycle_id", "FIELD_UNREADABLE"),
        ("/v1/orgUnits?unit_ids=%ff", "unit_ids", "FIELD_UNREADABLE"),
        ("/v1/cycles?page_token=AbC0", "page_token", "PAGE_TOKEN_INVALID"),
        ("/v1/people?page_token=AbC0", "page_token", "PAGE_TOKEN_INVALID"),
        ("/v1/cycles/x", "cycle_id", "ID_MALFORMED"),
    ] {
        let wrong = violation(&admin.send("GET", path, &chinese, "").await);
        assert_eq!((wrong["field"].as_str(), wrong["reason"].as_str()), (Some(field), Some(reason)), "{path}");
        assert!(!wrong["description"].as_str().is_none_or(str::is_ascii), "{path}: {wrong}");
    }
    let schedule = format!("/v1/schedules/{id}");
    let several = admin.send("PUT", &schedule, &[("if-match", "\"a\", \"b\"")], "{}").await;
    assert_eq!(violation(&several)["field"], "if-match");
    let unread = admin.send("POST", &format!("/v1/cycles/{id}:close"), &[("if-match", "\"a\"")], "{}").await;
    assert_eq!(violation(&unread)["field"], "If-Match");
    // A little too much is told in words; the parser ends what is far beyond.
    let large = "x".repeat(33 * 1024);
    let problem = told(
        &admin.send("GET", "/v1/cycles", &[("x-large", &large)], "").await,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    );
    assert_eq!(problem["reason"], "HEADERS_TOO_LARGE");
    let many: Vec<String> = (0..200).map(|i| format!("x-{i}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1")).collect();
    let problem = told(&admin.send("GET", "/v1/cycles", &many, "").await, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(problem["reason"], "HEADERS_TOO_LARGE");
}

/// The description is there for people, in their language and under a policy that lets nothing else in.
async fn pages(admin: &Client) {
    let nobody = Client { at: admin.at, token: String::new() };
    for (path, media) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/performance.Cycle", "text/html; charset=utf-8"),
        ("/docs/docs.css", "text/css; charset=utf-8"),
    ] {
        let page = nobody.send("GET", path, &[("accept-language", "zh-CN"), ("accept-encoding", "br")], "").await;
        assert_eq!(
            (page.status(), &page.headers()["content-type"]),
            (StatusCode::OK, &media.parse().expect("a value")),
            "{path}"
        );
        assert!(
            page.headers()["content-security-policy"]
                .to_str()
                .is_ok_and(|policy| policy.starts_with("default-src 'none'"))
        );
        assert!(page.body().len() < 40_000, "{path}: {} bytes compressed", page.body().len());
    }
    let gone = nobody.send("GET", "/docs/performance.Nothing", &[], "").await;
    assert_eq!(told(&gone, StatusCode::NOT_FOUND)["reason"], "PATH_UNKNOWN");
}

async fn refusals(admin: &Client) {
    let chinese = [("accept-language", "zh-CN")];
    let wrong = admin.send("GET", "/v1/people?page_size=many&nothing=1", &chinese, "").await;
    assert_eq!(wrong.headers()["content-type"], "application/problem+json");
    assert_eq!(wrong.headers()["content-language"], "zh-CN");
    let wrong = told(&wrong, StatusCode::BAD_REQUEST);
    let fields: Vec<&str> =
        wrong["violations"].as_array().expect("a list").iter().filter_map(|one| one["field"].as_str()).collect();
    assert!(fields.contains(&"nothing"), "{wrong}");
    assert_eq!(
        (wrong["title"].as_str(), wrong["type"].as_str()),
        (Some("请求有误"), Some("urn:tally:error:INVALID_REQUEST"))
    );

    let gone = admin.send("GET", "/v1/cycles/01977f2e-8a4c-7d31-9b52-6f0c1e2d3a4b", &[], "").await;
    assert_eq!(told(&gone, StatusCode::NOT_FOUND)["status"], 404);
    let method = admin.send("DELETE", "/v1/cycles", &[], "").await;
    assert_eq!(method.headers()["allow"], "GET, POST, HEAD, OPTIONS");
    told(&method, StatusCode::METHOD_NOT_ALLOWED);
    let media = admin.send("POST", "/v1/cycles", &[("content-type", "text/xml")], "<x/>").await;
    told(&media, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(admin.announced("/v1/orgUnits:import", 5 << 20).await.starts_with("HTTP/1.1 413 "));
    // Another language of compression than none is the caller's to ask for.
    let small = admin.send("GET", "/openapi.json", &[("accept-encoding", "br")], "").await;
    assert_eq!(small.headers()["content-encoding"], "br");
    assert!(small.body().len() < 100_000, "{}", small.body().len());
}

/// Without a token every call that asks for one is refused as such, whatever else is wrong with it, and no path answers as if it were not there.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_not_signed_in_is_told_so_by_every_path_and_by_none_more() {
    let (_stack, admin) = group(Backend::Sqlite).await;
    let nobody = Client { at: admin.at, token: String::new() };
    let description = nobody.get("/openapi.json").await;
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for (path, operations) in description["paths"].as_object().expect("paths") {
        for (verb, operation) in operations.as_object().expect("operations") {
            let public = operation["security"] == json!([]);
            let body = operation["requestBody"]["content"].as_object().and_then(|all| all.iter().next());
            let example = body.map(|(_, content)| &content["example"]);
            let example = example.map_or_else(String::new, |one| one.as_str().map_or(one.to_string(), str::to_owned));
            let media = body.map_or("application/json", |(media, _)| media.as_str());
            let path = filled(path);
            let answer = nobody.send(&verb.to_uppercase(), &path, &[("content-type", media)], &example).await;
            let status = answer.status().as_u16();
            let reads = String::from_utf8_lossy(answer.body());
            assert!(
                operation["responses"].get(status.to_string()).is_some(),
                "{verb} {path}: {status} is not described: {reads}"
            );
            assert_ne!(status, 500, "{verb} {path}: {reads}");
            assert!(public || status == 401, "{verb} {path}: {status} {reads}");
            *statuses.entry(status).or_default() += 1;
        }
    }
    assert!(statuses[&401] > 200, "{statuses:?}");
}

tally_testkit::on_both!(whoever_asks_too_often_is_told_when_to_come_back_and_nobody_else_is, flavor = "multi_thread");

/// Calls that need no token are counted by the caller's address, as our own proxies and a gateway in a process of its own say it; all others by
/// the key and the group.
async fn whoever_asks_too_often_is_told_when_to_come_back_and_nobody_else_is(backend: Backend) {
    let limits = [
        ("TALLY_LIMITS_PUBLIC_CALLS_PER_SECOND", "1"),
        ("TALLY_LIMITS_CALLS_PER_SECOND", "1"),
        ("TALLY_SERVER_HTTP_PROXIES", "127.0.0.1"),
    ];
    let (_stack, admin) = group_of(Stack::with(backend, &limits).await).await;
    let nobody = Client { at: admin.at, token: String::new() };
    let from = |last: usize| format!("198.51.100.{last}");
    for (client, path) in [(&nobody, "/v1/jwks"), (&admin, "/v1/orgUnits")] {
        let refused = tally_testkit::eventually("two calls come within a second", async || {
            let (one, path) = (from(1), path);
            let headers = [("x-forwarded-for", one.as_str())];
            let answers = [(); 8].map(|()| client.send("GET", path, &headers, ""));
            let answers = futures::future::join_all(answers).await;
            answers.into_iter().find(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS)
        });
        let refused = refused.await;
        assert_eq!(told(&refused, StatusCode::TOO_MANY_REQUESTS)["reason"], "RATE_LIMITED");
        assert_eq!(refused.headers()["retry-after"], "1");
    }
    for last in 2..6 {
        let other = nobody.send("GET", "/v1/jwks", &[("x-forwarded-for", &from(last))], "").await;
        assert_eq!(other.status(), StatusCode::OK, "who asks for the first time");
    }
}

/// A path with something in place of its variables.
fn filled(path: &str) -> String {
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        filled += before;
        filled += "01977f2e-8a4c-7d31-9b52-6f0c1e2d3a4b";
        rest = after.split_once('}').expect("a variable ends").1;
    }
    filled + rest
}
