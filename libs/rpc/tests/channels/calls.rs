//! Errors, deadlines, panics, identity and forwarding, each through both channels.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tally_api::attendance::v1::ListOccupancyResponse;
use tally_api::attendance::v1::occupancy_service_client::OccupancyServiceClient;
use tally_api::identity::v1::access_service_client::AccessServiceClient;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_api::identity::v1::{CreateLoginRequest, GetViewRequest, SignInRequest};
use tally_kernel::Kind;
use tally_rpc::{CONSISTENCY, Limits, Peer, RpcChannel, Signer, SigningKey, connect, error_from, in_process};
use tally_testkit::NEVER;
use tally_testkit::proxy::Proxy;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::probe::{Bench, policy, reason, say};

/// All that a caller can read of a refusal.
type Seen = (Code, String, Vec<u8>);

fn seen(status: &Status) -> Seen {
    (status.code(), status.message().to_owned(), status.details().to_vec())
}

async fn refusals(bench: &Bench, channel: &RpcChannel) -> Vec<(String, Seen)> {
    let mut all = Vec::new();
    for what in ["violations", "precondition", "notfound", "busy", "aborted", "internal", "panic", "big"] {
        for language in ["en", "zh-CN"] {
            let mut request = bench.ask(what);
            request.metadata_mut().insert("accept-language", language.parse().unwrap());
            all.push((format!("{what} {language}"), seen(&say(channel, request).await.unwrap_err())));
        }
    }
    let oversize = bench.ask(&"x".repeat(tally_rpc::MAX_MESSAGE_BYTES + 1));
    all.push(("oversize".into(), seen(&say(channel, oversize).await.unwrap_err())));
    let nobody = Request::new(CreateLoginRequest::default());
    all.push(("nobody".into(), seen(&say(channel, nobody).await.unwrap_err())));
    let mut late = bench.ask("hang");
    late.set_timeout(Duration::from_millis(50));
    all.push(("late".into(), seen(&say(channel, late).await.unwrap_err())));
    let unknown = AccessServiceClient::new(channel.clone()).get_view(GetViewRequest::default()).await;
    all.push(("unknown".into(), seen(&unknown.unwrap_err())));
    let mut stream = OccupancyServiceClient::new(channel.clone()).list_occupancy(bench.watch("error")).await.unwrap();
    assert!(stream.get_mut().message().await.unwrap().is_some());
    all.push(("stream".into(), seen(&stream.get_mut().message().await.unwrap_err())));
    all
}

#[tokio::test]
async fn both_channels_give_byte_identical_refusals() {
    let bench = Bench::new(Limits::default(), None);
    let [(_, here), (_, there)] = bench.both().await;
    let (here, there) = (refusals(&bench, &here).await, refusals(&bench, &there).await);
    for (a, b) in here.iter().zip(&there) {
        assert_eq!(a, b);
    }
    let code = |what: &str| here.iter().find(|(name, _)| name == what).map(|(_, seen)| seen.0);
    assert_eq!(code("violations en"), Some(Code::InvalidArgument));
    assert_eq!(code("panic en"), Some(Code::Internal));
    assert_eq!(code("nobody"), Some(Code::Unauthenticated));
    assert_eq!(code("late"), Some(Code::DeadlineExceeded));
    assert_eq!(code("unknown"), Some(Code::Unimplemented));
    assert_eq!(code("oversize"), Some(Code::InvalidArgument));
    assert_eq!(code("big en"), Some(Code::InvalidArgument));
}

#[tokio::test]
async fn what_the_operator_may_read_never_reaches_the_caller() {
    let bench = Bench::new(Limits::default(), None);
    for (name, channel) in bench.both().await {
        let (_, message, details) = seen(&say(&channel, bench.ask("internal")).await.unwrap_err());
        assert!(!message.contains("driver"), "{name}");
        assert!(!String::from_utf8_lossy(&details).contains("driver"), "{name}");
    }
}

/// A stream with a deadline whose first part came in time: how much time that takes is the machine's business.
async fn in_time(bench: &Bench, channel: RpcChannel) -> Streaming<ListOccupancyResponse> {
    let mut client = OccupancyServiceClient::new(channel);
    let mut time = Duration::from_millis(200);
    loop {
        let mut request = bench.watch("hang");
        request.set_timeout(time);
        let late = match client.list_occupancy(request).await.map(Response::into_inner) {
            Ok(mut stream) => match stream.message().await {
                Ok(first) => {
                    assert!(first.is_some());
                    return stream;
                }
                Err(late) => late,
            },
            Err(late) => late,
        };
        assert_eq!(reason(late), "DEADLINE_EXCEEDED");
        assert!(time < NEVER, "no part comes in time");
        time *= 2;
    }
}

#[tokio::test]
async fn a_deadline_ends_a_call_and_a_stream() {
    let bench = Bench::new(Limits::default(), None);
    for (name, channel) in bench.both().await {
        let mut request = bench.ask("hang");
        request.set_timeout(Duration::from_millis(60));
        assert_eq!(reason(say(&channel, request).await.unwrap_err()), "DEADLINE_EXCEEDED", "{name}");

        let mut stream = in_time(&bench, channel).await;
        assert_eq!(reason(stream.message().await.unwrap_err()), "DEADLINE_EXCEEDED", "{name}");
    }
}

#[tokio::test]
async fn a_server_ends_a_late_call_or_stream_by_itself_whatever_its_client_does() {
    let bench = Bench::new(Limits::default(), None);
    // No client side of ours before it.
    let mut client = SessionServiceClient::new(bench.guarded.clone());
    let mut request = bench.ask("hang");
    request.set_timeout(Duration::from_millis(60));
    assert_eq!(reason(client.create_login(request).await.unwrap_err()), "DEADLINE_EXCEEDED");
    let mut stream = in_time(&bench, RpcChannel::new(bench.guarded.clone())).await;
    assert_eq!(reason(stream.message().await.unwrap_err()), "DEADLINE_EXCEEDED");
    let mut request = bench.ask("who");
    request.metadata_mut().insert("grpc-timeout", "soon".parse().unwrap());
    assert_eq!(reason(client.create_login(request).await.unwrap_err()), "DEADLINE_MALFORMED");
}

#[tokio::test]
async fn a_client_ends_a_late_call_by_itself_whatever_its_server_does() {
    let bench = Bench::new(Limits::default(), None);
    let proxy = Proxy::before(bench.serve().await).await;
    let channel = connect(&format!("http://{}", proxy.address()), None).unwrap();
    assert!(say(&channel, bench.ask("who")).await.is_ok());
    proxy.swallow();
    let mut request = bench.ask("who");
    request.set_timeout(Duration::from_millis(60));
    assert_eq!(reason(say(&channel, request).await.unwrap_err()), "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn a_method_without_a_row_in_the_policy_table_does_not_exist() {
    let bench = Bench::new(Limits::default(), None);
    let only_sign_in = &policy::POLICY[..1];
    let guarded = bench.callers.stack("probe", only_sign_in, Limits::default()).guard(bench.routes());
    let channel = in_process(&guarded);
    assert_eq!(say(&channel, bench.ask("who")).await.unwrap_err().code(), Code::Unimplemented);
    assert!(SessionServiceClient::new(channel).sign_in(SignInRequest::default()).await.is_ok());
}

#[tokio::test]
async fn a_call_without_a_deadline_still_gets_its_first_answer_or_none() {
    let bench = Bench::new(Limits { first_answer: Duration::from_millis(50), ..Limits::default() }, None);
    for (name, channel) in bench.both().await {
        assert_eq!(reason(say(&channel, bench.ask("hang")).await.unwrap_err()), "DEADLINE_EXCEEDED", "{name}");
    }
    let patient = Bench::new(Limits::default(), None);
    for (name, channel) in patient.both().await {
        assert_eq!(say(&channel, patient.ask("budget")).await.unwrap(), "none", "{name}: it was not the caller's");
    }
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_next_call_is_served() {
    let bench = Bench::new(Limits::default(), None);
    for (name, channel) in bench.both().await {
        assert_eq!(say(&channel, bench.ask("panic")).await.unwrap_err().code(), Code::Internal, "{name}");
        let stream = OccupancyServiceClient::new(channel.clone()).list_occupancy(bench.watch("panic")).await;
        let mut stream = stream.unwrap().into_inner();
        assert!(stream.message().await.unwrap().is_some(), "{name}");
        assert_eq!(stream.message().await.unwrap_err().code(), Code::Internal, "{name}");
        assert!(say(&channel, bench.ask("who")).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn public_rpcs_need_no_token_and_ignore_a_bad_one() {
    let bench = Bench::new(Limits::default(), None);
    for (name, channel) in bench.both().await {
        let mut client = SessionServiceClient::new(channel);
        let mut stale = Request::new(SignInRequest::default());
        tally_rpc::bearer(&mut stale, "nonsense");
        for request in [Request::new(SignInRequest::default()), stale] {
            assert_eq!(client.sign_in(request).await.unwrap().into_inner().principal_id, "Nobody", "{name}");
        }
    }
}

#[tokio::test]
async fn a_token_is_refused_when_missing_forged_or_old() {
    let bench = Bench::new(Limits::default(), None);
    let refused = async |channel: &RpcChannel, token: &str| {
        let mut request = Request::new(CreateLoginRequest { login: "who".into(), ..Default::default() });
        if !token.is_empty() {
            tally_rpc::bearer(&mut request, token);
        }
        reason(say(channel, request).await.unwrap_err())
    };
    let stranger = SigningKey::generate("identity", &bench.callers.rng);
    let forged = tally_rpc::Signer::new("probe", stranger, bench.callers.clock.clone(), bench.callers.rng.clone());
    let forged = forged.token(bench.caller.actor.tenant, None).unwrap();
    for (name, channel) in bench.both().await {
        assert_eq!(refused(&channel, "").await, "TOKEN_MISSING", "{name}");
        assert_eq!(refused(&channel, "a.b.c").await, "TOKEN_INVALID", "{name}");
        assert_eq!(refused(&channel, &forged).await, "TOKEN_INVALID", "{name}");
        assert!(say(&channel, bench.ask("who")).await.unwrap().contains("Person("), "{name}");
    }
    let [(_, channel), _] = bench.both().await;
    bench.callers.clock.advance("PT11M".parse().unwrap());
    assert_eq!(refused(&channel, &bench.caller.token).await, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn a_service_calls_the_next_as_its_caller_or_as_itself_on_the_callers_behalf() {
    let last = Bench::new(Limits::default(), None);
    let there = connect(&format!("http://{}", last.serve().await), None).unwrap();
    for (name, channel) in [("in process", in_process(&last.guarded)), ("network", there)] {
        let next = Peer::new(channel, last.callers.signer("performance"));
        let first = Bench::of(last.callers.clone(), Limits::default(), Some(next));
        let channel = in_process(&first.guarded);
        let principal = first.caller.actor.principal.to_string();

        let as_caller = say(&channel, first.ask("next")).await.unwrap();
        assert!(as_caller.contains("Person(") && as_caller.contains(&principal), "{name}: {as_caller}");

        let as_itself = say(&channel, first.ask("next-as-service")).await;
        let denied_or_known = as_itself.unwrap();
        assert!(denied_or_known.contains(r#"Service("performance")"#), "{name}: {denied_or_known}");
        assert!(denied_or_known.contains(&format!("on_behalf_of: Some(PrincipalId({principal}))")), "{name}");

        let error = error_from(say(&channel, first.ask("next-error")).await.unwrap_err());
        assert_eq!((error.kind(), error.reason()), (Kind::FailedPrecondition, "NOTHING_CHANGES"), "{name}");
        assert_eq!(error.metadata()["cycle"], "7", "{name}");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_know_the_service_is_no_bad_token_of_the_caller() {
    let last = Bench::new(Limits::default(), None);
    let there = connect(&format!("http://{}", last.serve().await), None).unwrap();
    for (name, channel) in [("in process", in_process(&last.guarded)), ("network", there)] {
        // The peer has never heard of this key.
        let key = SigningKey::generate("performance", &last.callers.rng);
        let signer = Signer::new("performance", key, last.callers.clock.clone(), last.callers.rng.clone());
        let first = Bench::of(last.callers.clone(), Limits::default(), Some(Peer::new(channel, Arc::new(signer))));
        let channel = in_process(&first.guarded);
        let error = error_from(say(&channel, first.ask("next-as-service")).await.unwrap_err());
        assert_eq!((error.kind(), error.reason()), (Kind::Unavailable, "PEER_REFUSES_SERVICE"), "{name}");
        assert!(error.retry_delay().is_some(), "{name}");
        assert!(say(&channel, first.ask("next")).await.is_ok(), "{name}: the caller's own token is good there");
    }
}

#[tokio::test]
async fn what_is_left_of_a_deadline_goes_along() {
    let last = Bench::new(Limits::default(), None);
    let next = Peer::new(in_process(&last.guarded), last.callers.signer("performance"));
    let first = Bench::of(last.callers.clone(), Limits::default(), Some(next));
    for (name, channel) in first.both().await {
        let mut request = first.ask("next-budget");
        request.set_timeout(Duration::from_secs(30));
        let left: u128 = say(&channel, request).await.unwrap().parse().unwrap();
        assert!(left > 0 && left < 30_000, "{name}: {left}");
        assert_eq!(say(&channel, first.ask("next-budget")).await.unwrap(), "none", "{name}");
    }
    // Nothing left: the next service is not even asked to begin.
    let mut ctx = first.callers.context(&first.caller);
    ctx.deadline = Some(Instant::now());
    let peer = Peer::new(in_process(&last.guarded), last.callers.signer("performance"));
    let request = peer.request(&ctx, CreateLoginRequest { login: "hang".into(), ..Default::default() });
    assert_eq!(reason(say(&peer.channel(), request).await.unwrap_err()), "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn a_consistency_token_goes_along() {
    let last = Bench::new(Limits::default(), None);
    let next = Peer::new(in_process(&last.guarded), last.callers.signer("performance"));
    let first = Bench::of(last.callers.clone(), Limits::default(), Some(next));
    for (name, channel) in first.both().await {
        let mut request = first.ask("next-consistency");
        request.metadata_mut().insert(CONSISTENCY, "41".parse().unwrap());
        assert_eq!(say(&channel, request).await.unwrap(), "41", "{name}");
        assert_eq!(say(&channel, first.ask("next-consistency")).await.unwrap(), "", "{name}");
    }
}
