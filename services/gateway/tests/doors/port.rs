//! Connections that say nothing, never end, or say too much, and the port after a stop signal.

use std::time::Duration;

use tally_gateway::Port;
use tally_testkit::{NEVER, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::{Doors, Ways};

/// All that is answered to these bytes until the doors close the connection.
async fn until_closed(mut connection: TcpStream, said: &[u8]) -> String {
    // The doors may close before all is said.
    let _said = connection.write_all(said).await;
    let mut told = Vec::new();
    let end = tokio::time::timeout(NEVER, connection.read_to_end(&mut told)).await.expect("the connection is closed");
    // One that is closed while we still speak is reset.
    assert!(end.is_ok() || end.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
    String::from_utf8_lossy(&told).into_owned()
}

async fn impatient() -> Doors {
    let port = Port { headers_within: Duration::from_millis(100), ..Port::default() };
    Doors::open(Ways { port, ..Ways::default() }).await
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_never_ends_its_headers_is_closed() {
    let doors = impatient().await;
    for said in [
        "",
        "G",
        "GET /v1/jwks HTTP/1.1\r\nhost: test\r\nx-slow: ",
        "PRI * HTTP/2.0\r\n",
        "PRI * HTTP/2.0\r\n\r\nS",
        "POST /v1/sessions HTTP/1.1\r\n",
    ] {
        let told = until_closed(doors.connect().await, said.as_bytes()).await;
        assert!(!told.contains(" 200 "), "{said:?}: {told}");
    }
    // After an answer too.
    let told = until_closed(doors.connect().await, b"GET /nowhere HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert!(told.starts_with("HTTP/1.1 404 "), "{told}");
    assert!(doors.fake.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn headers_without_end_are_refused_on_both_kinds_of_http() {
    let doors = Doors::open(Ways::default()).await;
    let giant = "x".repeat(64 * 1024);
    let one = format!("GET /v1/people HTTP/1.1\r\nhost: test\r\nx-giant: {giant}\r\n\r\n");
    assert!(until_closed(doors.connect().await, one.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let many = "GET /v1/people HTTP/1.1\r\nhost: test\r\n".to_owned() + &"x-one: 1\r\n".repeat(2_000) + "\r\n";
    assert!(until_closed(doors.connect().await, many.as_bytes()).await.starts_with("HTTP/1.1 431 "));

    let (sender, connection) = h2::client::handshake(doors.connect().await).await.expect("HTTP/2");
    tokio::spawn(connection);
    let mut sender = sender.ready().await.expect("a place for a request");
    let request = http::Request::get("http://test/v1/people").header("x-giant", &giant[..60_000]).body(()).unwrap();
    let (answer, _) = sender.send_request(request, true).expect("it is sent");
    let answer = tokio::time::timeout(NEVER, answer).await.expect("in time");
    assert!(answer.as_ref().map_or(true, |answer| answer.status() == 431), "{answer:?}");
    assert!(doors.fake.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_http_ends_its_own_connection_and_no_other() {
    let doors = Doors::open(Ways::default()).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let frame = |length: u32, kind: u8, flags: u8, stream: u32| {
        [&length.to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes()[..]].concat()
    };
    let malformed: [(&str, Vec<u8>); 6] = [
        ("a frame that is longer than any", frame(0xff_ffff, 0, 0, 1)),
        ("data on no stream", [frame(4, 0, 0, 7), vec![0; 4]].concat()),
        ("headers that cannot be unpacked", [frame(4, 1, 4, 1), vec![0xff; 4]].concat()),
        ("a stream of the server's own number", [frame(1, 1, 5, 2), vec![0x82]].concat()),
        ("a window of nothing", [frame(4, 8, 0, 0), vec![0; 4]].concat()),
        ("settings that end early", [frame(5, 4, 0, 0), vec![0; 5]].concat()),
    ];
    for (what, bytes) in malformed {
        let said = [&preface[..], &settings, &bytes].concat();
        // GOAWAY is answered, and then the end.
        until_closed(doors.connect().await, &said).await;
        let alive = doors.ask_as_nobody("GET /nowhere", &[], "").await;
        assert_eq!(alive.problem(), (404, "PATH_UNKNOWN"), "{what}");
    }
    for said in ["\u{16}\u{3}\u{1}\0\u{5}hello, this was to be TLS\r\n\r\n", "GET\r\n\r\n", "\0\0\0\0\r\n\r\n"] {
        assert!(!until_closed(doors.connect().await, said.as_bytes()).await.contains(" 200 "), "{said:?}");
    }
}

#[tokio::test]
async fn nobody_keeps_the_port_from_others_with_connections() {
    let port = Port { connections_of_address: 2, unshared: Vec::new(), ..Port::default() };
    let doors = Doors::open(Ways { port, ..Ways::default() }).await;
    let ask = b"GET /nowhere HTTP/1.1\r\nhost: test\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut connection = doors.connect().await;
        connection.write_all(ask).await.unwrap();
        connection.read_exact(&mut [0; 8]).await.expect("it is served");
        held.push(connection);
    }
    assert_eq!(until_closed(doors.connect().await, ask).await, "");
    held.clear();
    let answered = eventually("a place is free again", async || {
        let mut connection = doors.connect().await;
        let said = connection.write_all(ask).await;
        let mut told = [0; 12];
        said.ok()?;
        connection.read_exact(&mut told).await.ok()?;
        Some(told)
    });
    assert_eq!(&answered.await, b"HTTP/1.1 404");
}

#[tokio::test]
async fn after_a_stop_signal_nobody_connects_any_more_and_what_is_under_way_is_answered() {
    let doors = Doors::open(Ways::default()).await;
    let under_way = doors.begin("GET /v1/people").await;
    doors.stop.send(()).expect("the doors are open");
    // Others hold the listener still, as the process does that starts the doors again where they fail.
    let kept = doors.listening.clone();
    eventually("the port is shut", async || TcpStream::connect(doors.at).await.err()).await;
    drop(kept);
    doors.fake.gate.add_permits(1);
    assert_eq!(under_way.await.unwrap(), 200);
    tokio::time::timeout(NEVER, doors.served).await.expect("the doors end").unwrap();
}
