//! Bodies that are meant to cost more than they are.

use bytes::Bytes;
use tally_testkit::NEVER;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fixture::{Doors, Ways};

/// The beginning of a body is sent that is said to be larger, and what is answered to it.
async fn begun(doors: &Doors, token: &str, expects: bool, sent: usize) -> String {
    let mut connection = doors.connect().await;
    let token = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    let expects = if expects { "expect: 100-continue\r\n" } else { "" };
    let head = format!(
        "POST /v1/orgUnits:import HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{token}{expects}content-length: 3000000\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.expect("the head is sent");
    let _refused = connection.write_all(&vec![b' '; sent]).await;
    let mut told = Vec::new();
    // Closed with bytes that nobody read, a connection may be reset after its answer.
    let read = tokio::time::timeout(NEVER, connection.read_to_end(&mut told)).await.expect("an answer");
    assert!(read.is_ok() || !told.is_empty(), "{read:?}");
    String::from_utf8_lossy(&told).into_owned()
}

#[tokio::test]
async fn a_body_without_a_token_is_not_read() {
    let doors = Doors::open(Ways::default()).await;
    // Nobody says `100 Continue`: that is said when the body begins to be read.
    let told = begun(&doors, "", true, 0).await;
    assert!(told.starts_with("HTTP/1.1 401 ") && told.contains("TOKEN_MISSING"), "{told}");
}

/// Who sends the head first and a small body after it hears why it was refused, and may go on with the connection.
#[tokio::test]
async fn a_small_body_without_a_token_is_read_away() {
    let doors = Doors::open(Ways::default()).await;
    let mut connection = doors.connect().await;
    let head = "POST /v1/orgUnits:import HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\n";
    for _ in 0..2 {
        connection.write_all(head.as_bytes()).await.expect("the head is sent");
        tokio::task::yield_now().await;
        connection.write_all(b"{}").await.expect("the body is sent");
        let mut told = vec![0; 4_096];
        let read = tokio::time::timeout(NEVER, connection.read(&mut told)).await.expect("in time").expect("an answer");
        let told = String::from_utf8_lossy(&told[..read]).into_owned();
        assert!(told.starts_with("HTTP/1.1 401 "), "{told}");
    }
    // gRPC-Web says it in its own way, and the connection goes on as well.
    let mut connection = doors.connect().await;
    let head = "POST /tally.identity.v1.OrgService/ImportOrgUnits HTTP/1.1\r\nhost: test\r\n\
        content-type: application/grpc-web+proto\r\ncontent-length: 5\r\n\r\n";
    let mut told = Vec::new();
    for answers in 1..=2 {
        connection.write_all(head.as_bytes()).await.expect("the head is sent");
        tokio::task::yield_now().await;
        connection.write_all(&[0; 5]).await.expect("the body is sent");
        while String::from_utf8_lossy(&told).matches("HTTP/1.1 ").count() < answers {
            let read = connection.read_buf(&mut told);
            let read = tokio::time::timeout(NEVER, read).await.expect("in time").expect("an answer");
            assert!(read > 0, "the connection goes on: {}", String::from_utf8_lossy(&told));
        }
    }
}

#[tokio::test]
async fn a_text_that_is_no_token_gets_no_place_for_a_large_body() {
    let doors = Doors::open(Ways::default()).await;
    let foreign = tally_testkit::Callers::new(doors.callers.clock.clone(), 2);
    let forged = foreign.person(tally_kernel::id::TenantId(uuid::Uuid::from_u128(1)), None, []).token;
    for token in ["nonsense", "a.b.c", &forged] {
        // Three million bytes are said, and the answer does not wait for them.
        let told = begun(&doors, token, false, 100_000).await;
        assert!(told.starts_with("HTTP/1.1 401 ") && told.contains("TOKEN_INVALID"), "{told}");
    }
    let lines = doors.ask_as_nobody("POST /v1/replies:stream", &[("authorization", "Bearer a.b.c")], "{}\n").await;
    assert_eq!(lines.problem(), (401, "TOKEN_INVALID"));
    assert!(!doors.fake.was_asked("ImportOrgUnits") && !doors.fake.was_asked("StreamReplies"));
}

#[tokio::test]
async fn json_that_is_deep_wide_or_long_is_refused_with_its_place() {
    let doors = Doors::open(Ways::default()).await;
    let row = r#"{"path":"North","kind":"ORG_UNIT_KIND_BRANCH"},"#;
    let bombs = [
        ("brackets in brackets", "[".repeat(4_000_000)),
        ("objects in objects", r#"{"rows":"#.repeat(400_000)),
        (
            "depth in a field that nobody knows",
            format!(r#"{{"nothing":{}{}}}"#, "[".repeat(500_000), "]".repeat(500_000)),
        ),
        ("an array of numbers", format!(r#"{{"rows":[{}0]}}"#, "0,".repeat(2_000_000))),
        ("an array of empty objects", format!(r#"{{"nothing":[{}{{}}]}}"#, "{},".repeat(1_300_000))),
        ("many names", format!("{{{}\"z\":0}}", (0..300_000).map(|n| format!("\"n{n}\":0,")).collect::<String>())),
        ("one name many times", format!("{{{}\"rows\":[]}}", "\"rows\":[],".repeat(400_000))),
        ("a long number", format!(r#"{{"rows":{}}}"#, "9".repeat(4_000_000))),
        ("a number with a large exponent", r#"{"rows":1e999999999}"#.to_owned()),
        ("a long text in place of a list", format!(r#"{{"rows":"{}"}}"#, "\\u0041".repeat(600_000))),
        ("a text without an end", format!(r#"{{"rows":["{}"#, "x".repeat(4_000_000))),
        ("rows without an end", format!(r#"{{"rows":[{}"#, row.repeat(80_000))),
    ];
    for (what, bomb) in bombs {
        let answer = doors.ask("POST /v1/orgUnits:import", &[], Bytes::from(bomb)).await;
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        let told = answer.told.to_string();
        assert!(!answer.told["reason"].is_null() && told.len() < 64 * 1024, "{what}: {} bytes", told.len());
    }
    assert!(!doors.fake.was_asked("ImportOrgUnits"));
}
