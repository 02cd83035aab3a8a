//! Uploads through the pages themselves: what may come, what is refused, and that nothing of that stays.

use std::path::Path;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use futures::stream;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION};
use http::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tally_access::Permission;

use tally_api::identity::v1::{
    GetOwnAccessResponse, GetTenantResponse, ListOrgUnitsResponse, OrgUnit, OwnPermission, OwnReach, Tenant,
};
use tally_kernel::{Clock, Rng};
use tally_testkit::fake_peer::FakePeer;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::uploads::Uploads;
use crate::visit::forgery;
use crate::{Deps, routes};

const SECRET: &str = "secret";
const BETWEEN: &str = "between-parts";
const FOREVER: i64 = 99_999_999_999;
const NOW: &str = "2026-04-02T08:00:00Z";

/// The pages of somebody who may import, over a suite that knows its branches.
fn pages(folder: &Path, who: &'static str, now: Timestamp) -> Router {
    let own = move |_: tally_api::identity::v1::GetOwnAccessRequest| {
        let permission = Permission::RecordImport.name().to_owned();
        let all = OwnPermission { permission, reach: OwnReach::Tenant.into() };
        Ok(GetOwnAccessResponse { principal_id: who.to_owned(), permissions: vec![all], ..Default::default() })
    };
    let tenant = |_: tally_api::identity::v1::GetTenantRequest| {
        let (name, currency, zone) = ("Group".to_owned(), "CNY".to_owned(), "Asia/Shanghai".to_owned());
        let tenant = Tenant { name, currency, zone, regions: vec!["north".to_owned()], ..Default::default() };
        Ok(GetTenantResponse { tenant: Some(tenant) })
    };
    let units = |_: tally_api::identity::v1::ListOrgUnitsRequest| {
        let unit = OrgUnit { path: "Hangzhou".to_owned(), region: "north".to_owned(), ..Default::default() };
        Ok(ListOrgUnitsResponse { units: vec![OrgUnit::default(), unit], ..Default::default() })
    };
    let identity = FakePeer::new("identity")
        .answers("tally.identity.v1.CheckService/GetOwnAccess", own)
        .answers("tally.identity.v1.TenantService/GetTenant", tenant)
        .answers("tally.identity.v1.OrgService/ListOrgUnits", units)
        .channel();
    let others =
        ["attendance", "performance", "compensation", "talent"].map(|name| (name, FakePeer::new(name).channel()));
    let services = others.into_iter().chain([("identity", identity)]).collect();
    let uploads = Uploads::of_at_most(Some(folder.to_owned()), 1 << 20);
    routes(Deps { services, clock: Clock::fixed(now), rng: Rng::System, uploads })
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn request(method: &str, path: &str, body: Body) -> Request<Body> {
    let cookie = format!("tally=access~refresh~{FOREVER}~{SECRET}; tally-lang=en");
    let typed = format!("multipart/form-data; boundary={BETWEEN}");
    let request = Request::builder().method(method).uri(path).header(HOST, "127.0.0.1").header(COOKIE, cookie);
    request.header(CONTENT_TYPE, typed).body(body).expect("a request")
}

/// The form as a browser sends it.
fn form(csrf: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body =
        format!("--{BETWEEN}\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n").into_bytes();
    for (name, content) in files {
        let head =
            format!("--{BETWEEN}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BETWEEN}--\r\n").as_bytes());
    body
}

fn csrf() -> String {
    forgery::token(SECRET, [3; 8])
}

async fn sent(pages: &Router, files: &[(&str, &[u8])]) -> Response<Body> {
    let request = request("POST", "/bring", Body::from(form(&csrf(), files)));
    pages.clone().oneshot(request).await.expect("an answer")
}

async fn text(answer: Response<Body>) -> String {
    let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a page");
    String::from_utf8(body.to_vec()).expect("text")
}

async fn page(pages: &Router, path: &str) -> (StatusCode, String) {
    let answer = pages.clone().oneshot(request("GET", path, Body::empty())).await.expect("an answer");
    (answer.status(), text(answer).await)
}

/// How many uploads lie in the folder, whole or not.
fn kept(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path()).expect("a folder").count()
}

const PEOPLE: &[u8] =
    b"employee_no,name,org_unit,position,grade,hired_on\n1001,Ann,Hangzhou/Chat,agent,P1,2025-01-06\n";
const ACCOUNTS: &[u8] = b"platform,store,account,phase,capacity\nMart,One,a,shared,1\n";
const RECORDS: &[u8] = b"platform,store,account,external_id,started_at,ended_at,mood\n\
    Mart,One,a,T1,2026-03-02 09:00,2026-03-02 09:05,7\nMart,One,a,T2,soon,soon,8\n";
const MONTH: [(&str, &[u8]); 3] = [("people.csv", PEOPLE), ("accounts.csv", ACCOUNTS), ("march/records.csv", RECORDS)];

#[tokio::test]
async fn a_month_is_read_and_its_columns_findings_and_rejected_rows_are_shown_to_whoever_sent_it_alone() {
    let folder = TempDir::new().expect("a folder");
    let pages_of = |who| pages(folder.path(), who, at(NOW));
    let mine = pages_of("p1");
    let answer = sent(&mine, &MONTH).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let path = answer.headers()[LOCATION].to_str().expect("a path").to_owned();
    let (status, shown) = page(&mine, &path).await;
    assert_eq!(status, StatusCode::OK, "{shown}");
    assert!(shown.contains("March 2026") && shown.contains("Import the month"), "{shown}");
    assert!(shown.contains("group.yaml was not among the files"), "{shown}");
    let (_, rejected) = page(&mine, &format!("{path}/rejected?export=csv&cols=code")).await;
    assert!(rejected.contains("DATE") || rejected.contains("TIME") || rejected.contains("MOMENT"), "{rejected}");
    let (_, columns) = page(&mine, &format!("{path}/columns")).await;
    assert!(columns.contains("mood") && columns.contains("a measure"), "{columns}");
    for list in ["", "/columns", "/findings", "/rejected", "/refused", "/progress"] {
        let (status, shown) = page(&pages_of("p2"), &format!("{path}{list}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{list}");
        assert!(!shown.contains("mood"), "{list}");
    }
    // A process that has the folder and not the memory shows the same.
    let (status, again) = page(&pages_of("p1"), &path).await;
    assert_eq!((status, again.contains("March 2026")), (StatusCode::OK, true));
}

#[tokio::test]
async fn what_is_too_large_or_none_of_a_month_is_refused_in_words_and_nothing_of_it_stays() {
    let folder = TempDir::new().expect("a folder");
    let pages = pages(folder.path(), "p1", at(NOW));
    let large = vec![b'x'; 2 << 20];
    for (files, said) in [
        (vec![("records.csv", large.as_slice())], "the files are larger than"),
        (vec![("notes.csv", large.as_slice())], "the files are larger than"),
        (vec![("people.csv", PEOPLE), ("PEOPLE.csv", PEOPLE)], "comes twice"),
        (vec![("March.xlsx", b"PK".as_slice())], "is a workbook"),
        (vec![("month.zip", b"no archive".as_slice())], "is damaged or is none"),
        (vec![("notes.txt", b"x".as_slice())], "none of these is a file of a month: notes.txt"),
        (vec![("", b"".as_slice())], "no file came"),
        (vec![], "no file came"),
    ] {
        let answer = sent(&pages, &files).await;
        let status = answer.status();
        let shown = text(answer).await;
        assert!(status.is_client_error() && shown.contains(said), "{said}: {status} {shown}");
        assert!(shown.contains(r#"name="files""#), "the form is there again");
        assert_eq!(kept(&folder), 0, "{said}");
    }
}

#[tokio::test]
async fn a_form_of_another_session_brings_nothing() {
    let folder = TempDir::new().expect("a folder");
    let pages = pages(folder.path(), "p1", at(NOW));
    for csrf in [forgery::token("another", [3; 8]), String::new()] {
        let body = Body::from(form(&csrf, &MONTH));
        let answer = pages.clone().oneshot(request("POST", "/bring", body)).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert_eq!(kept(&folder), 0);
    }
}

#[tokio::test]
async fn an_upload_that_is_cut_off_leaves_nothing_behind() {
    let folder = TempDir::new().expect("a folder");
    let pages = pages(folder.path(), "p1", at(NOW));
    let mut whole = form(&csrf(), &MONTH);
    whole.truncate(whole.len() - 40);
    let broken = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    let body = Body::from_stream(stream::iter([Ok(Bytes::from(whole.clone())), broken]));
    for body in [body, Body::from(whole)] {
        let answer = pages.clone().oneshot(request("POST", "/bring", body)).await.expect("an answer");
        assert!(!answer.status().is_success() && !answer.status().is_redirection(), "{}", answer.status());
        assert_eq!(kept(&folder), 0);
    }
}

#[tokio::test]
async fn one_person_has_three_uploads_at_once_and_each_is_gone_after_a_day_or_thrown_away() {
    let folder = TempDir::new().expect("a folder");
    let mine = pages(folder.path(), "p1", at(NOW));
    let mut path = String::new();
    for _ in 0..3 {
        let answer = sent(&mine, &MONTH).await;
        path = answer.headers()[LOCATION].to_str().expect("a path").to_owned();
    }
    let answer = sent(&mine, &MONTH).await;
    assert!(answer.status().is_client_error());
    assert!(text(answer).await.contains("import or throw away one of them first"));
    assert_eq!(sent(&pages(folder.path(), "p2", at(NOW)), &MONTH).await.status(), StatusCode::SEE_OTHER);
    let discard = Request::builder().method("POST").uri(format!("{path}/discard")).header(HOST, "127.0.0.1");
    let discard = discard.header(COOKIE, format!("tally=access~refresh~{FOREVER}~{SECRET}"));
    let discard = discard.body(Body::from(format!("csrf={}", csrf()))).expect("a request");
    assert_eq!(mine.clone().oneshot(discard).await.expect("an answer").status(), StatusCode::SEE_OTHER);
    assert_eq!(kept(&folder), 3);
    let later = at(NOW) + SignedDuration::from_hours(25);
    let (status, shown) = page(&pages(folder.path(), "p1", later), "/bring").await;
    assert_eq!(status, StatusCode::OK, "{shown}");
    assert_eq!(kept(&folder), 0);
}
