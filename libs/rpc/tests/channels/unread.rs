//! Requests that cannot be read, and texts that nothing holds: refusals with a reason and in both languages, like all others.

use http::Uri;
use http_body_util::Full;
use tally_api::identity::v1::CreateLoginRequest;
use tally_rpc::{Limits, RpcChannel, error_from};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt as _;

use crate::probe::{Bench, say};

const LOGIN: &str = "/tally.identity.v1.SessionService/CreateLogin";

/// What is answered to these bytes.
async fn sent(bench: &Bench, channel: &RpcChannel, path: &'static str, encoding: &str, bytes: &[u8]) -> Status {
    let mut request = bench.ask("who").into_parts().0;
    request.insert("accept-language", "zh-CN".parse().unwrap());
    let mut call =
        http::Request::post(Uri::from_static(path)).body(Body::new(Full::new(bytes.to_vec().into()))).unwrap();
    *call.headers_mut() = request.into_headers();
    call.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    call.headers_mut().insert("te", "trailers".parse().unwrap());
    call.headers_mut().insert("grpc-encoding", encoding.parse().unwrap());
    let answer = channel.clone().oneshot(call).await.unwrap();
    Status::from_header_map(answer.headers()).expect("a refusal is nothing but headers")
}

fn framed(flag: u8, length: u32, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &length.to_be_bytes(), message].concat()
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_reason_in_both_languages() {
    let bench = Bench::new(Limits::default(), None);
    // The login holds a text that is no UTF-8.
    let broken = [0x12, 1, 0xff];
    let cases = [
        ("broken", "identity", framed(0, 3, &broken), Code::InvalidArgument, "REQUEST_UNREADABLE"),
        ("empty", "identity", Vec::new(), Code::InvalidArgument, "REQUEST_UNREADABLE"),
        ("cut off", "identity", framed(0, 9, &broken), Code::InvalidArgument, "REQUEST_UNREADABLE"),
        ("no flag", "identity", framed(7, 3, &broken), Code::InvalidArgument, "REQUEST_UNREADABLE"),
        ("compressed", "gzip", framed(1, 3, &broken), Code::Unimplemented, "REQUEST_COMPRESSED"),
        ("large", "identity", framed(0, 5 << 20, &broken), Code::InvalidArgument, "REQUEST_TOO_LARGE"),
    ];
    for (name, channel) in bench.both().await {
        for (what, encoding, bytes, code, reason) in &cases {
            let status = sent(&bench, &channel, LOGIN, encoding, bytes).await;
            assert_eq!(status.code(), *code, "{name} {what}: {status:?}");
            assert!(!status.message().contains("CreateLogin"), "{name} {what}: {status:?}");
            assert!(String::from_utf8_lossy(status.details()).contains("请"), "{name} {what}: {status:?}");
            assert_eq!(error_from(status).reason(), *reason, "{name} {what}");
        }
        let unknown = sent(&bench, &channel, "/tally.identity.v1.SessionService/Nothing", "identity", &[]).await;
        assert_eq!(unknown.code(), Code::Unimplemented, "{name}");
        assert_eq!(error_from(unknown).reason(), "METHOD_UNKNOWN", "{name}");
    }
}

#[tokio::test]
async fn a_service_that_runs_elsewhere_is_named_and_one_of_nobody_is_not() {
    let bench = Bench::new(Limits::default(), None);
    let channel = tally_rpc::connect(&format!("http://{}", bench.serve().await), None).unwrap();
    let elsewhere = sent(&bench, &channel, "/tally.talent.v1.ProfileService/GetProfile", "identity", &[]).await;
    assert_eq!(elsewhere.code(), Code::Unimplemented);
    assert!(elsewhere.message().contains("does not run the service talent"), "{}", elsewhere.message());
    assert!(String::from_utf8_lossy(elsewhere.details()).contains("不运行服务 talent"));
    let nobody = sent(&bench, &channel, "/tally.nobody.v1.NobodyService/Get", "identity", &[]).await;
    assert!(!nobody.message().contains("nobody"), "{}", nobody.message());
    assert_eq!(error_from(nobody).reason(), "METHOD_UNKNOWN");
}

#[tokio::test]
async fn a_text_with_a_nul_is_refused_by_its_field_on_every_rpc() {
    let bench = Bench::new(Limits::default(), None);
    for (name, channel) in bench.both().await {
        let mut asked = bench.ask("who");
        *asked.get_mut() = CreateLoginRequest { login: "a\0b".into(), person_id: "\0".into(), ..Default::default() };
        let refused = error_from(say(&channel, asked).await.unwrap_err());
        assert_eq!(refused.reason(), "INVALID_REQUEST", "{name}");
        let mut fields: Vec<_> = refused.violations().iter().map(|violation| violation.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["login", "person_id"], "{name}");
    }
}
