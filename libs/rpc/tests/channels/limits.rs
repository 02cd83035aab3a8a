//! Shedding, rate limits, and calls whose caller goes away.

use std::time::{Duration, Instant};

use futures::poll;
use http::HeaderMap;
use tally_access::{Permission, Reach};
use tally_api::attendance::v1::occupancy_service_client::OccupancyServiceClient;
use tally_api::identity::v1::SignInRequest;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_cache::Cache;
use tally_kernel::Kind;
use tally_kernel::id::TenantId;
use tally_rpc::{GATEWAY, Introducer, Limits, RpcChannel, SigningKey};
use tally_testkit::redis::Redis;
use tally_testkit::{Callers, clock, eventually};
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Status};
use uuid::Uuid;

use crate::probe::{Bench, reason, say};

fn one_at_a_time() -> Limits {
    Limits { concurrency: 1, ..Limits::default() }
}

async fn until_served(bench: &Bench, channel: &RpcChannel) {
    eventually("a place is free", async || say(channel, bench.ask("who")).await.ok()).await;
}

#[tokio::test]
async fn a_call_too_many_is_refused_at_once_and_served_when_there_is_room() {
    let bench = Bench::new(one_at_a_time(), None);
    for (name, channel) in bench.both().await {
        until_served(&bench, &channel).await;
        let mut first = Box::pin(say(&channel, bench.ask("wait")));
        let refused = eventually("the second call is refused", async || {
            assert!(poll!(&mut first).is_pending());
            say(&channel, bench.ask("who")).await.err()
        });
        let refused = tally_rpc::error_from(refused.await);
        assert_eq!(refused.reason(), "OVERLOADED", "{name}");
        assert!(refused.retry_delay().is_some(), "{name}");
        bench.gate.notify_one();
        assert!(first.await.is_ok(), "{name}");
        until_served(&bench, &channel).await;
    }
}

#[tokio::test]
async fn a_stream_keeps_its_place_until_its_end_or_until_its_caller_goes_away() {
    let bench = Bench::new(one_at_a_time(), None);
    for (name, channel) in bench.both().await {
        for ends_by_itself in [true, false] {
            until_served(&bench, &channel).await;
            let watching = eventually("a stream begins", async || {
                OccupancyServiceClient::new(channel.clone()).list_occupancy(bench.watch("wait")).await.ok()
            });
            let mut stream = watching.await.into_inner();
            assert!(stream.message().await.unwrap().is_some(), "{name}");
            assert_eq!(reason(say(&channel, bench.ask("who")).await.unwrap_err()), "OVERLOADED", "{name}");
            if ends_by_itself {
                bench.gate.notify_one();
                assert!(stream.message().await.unwrap().is_some(), "{name}");
                assert!(stream.message().await.unwrap().is_none(), "{name}");
            }
            drop(stream);
            until_served(&bench, &channel).await;
        }
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_frees_its_place() {
    let bench = Bench::new(one_at_a_time(), None);
    for (name, channel) in bench.both().await {
        until_served(&bench, &channel).await;
        {
            let mut hanging = Box::pin(say(&channel, bench.ask("hang")));
            eventually("the hanging call holds the place", async || {
                assert!(poll!(&mut hanging).is_pending(), "{name}");
                say(&channel, bench.ask("who")).await.err()
            })
            .await;
        }
        until_served(&bench, &channel).await;
    }
}

/// Redis is given time, so that a busy machine is not taken for one that is away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Limits of so many calls in a second; 0 means none.
fn rates(own: u32, group: u32, public: u32) -> Limits {
    let (calls_per_second, group_calls_per_second, public_calls_per_second) = (own, group, public);
    Limits { calls_per_second, group_calls_per_second, public_calls_per_second, ..Limits::default() }
}

/// How many calls in a row are let through: at least `least`, and the next one before long.
async fn limited_after(least: usize, mut call: impl AsyncFnMut() -> Result<(), Status>) -> Status {
    for n in 0..least {
        assert!(call().await.is_ok(), "call {n} of {least}");
    }
    eventually("a call too many", async || call().await.err()).await
}

fn rate_limited(status: Status) {
    let error = tally_rpc::error_from(status);
    assert_eq!((error.kind(), error.reason()), (Kind::ResourceExhausted, "RATE_LIMITED"));
    assert!(error.retry_delay().is_some_and(|wait| !wait.is_zero() && wait <= Duration::from_secs(1)), "{error:?}");
}

#[tokio::test]
async fn one_person_is_slowed_down_and_another_is_not_nor_is_another_rpc() {
    let bench = Bench::new(rates(2, 0, 0), None);
    let other = Bench::of(bench.callers.clone(), Limits::default(), None).caller;
    let [(_, channel), _] = bench.both().await;
    rate_limited(limited_after(2, async || say(&channel, bench.ask("who")).await.map(drop)).await);
    assert!(say(&channel, other.request(bench.ask("who").into_inner())).await.is_ok());
    let listing = OccupancyServiceClient::new(channel.clone()).list_occupancy(bench.watch("")).await;
    assert!(listing.is_ok(), "another rpc has a bucket of its own");
}

#[tokio::test]
async fn a_group_is_slowed_down_however_many_of_it_call() {
    let bench = Bench::new(rates(0, 2, 0), None);
    let people: Vec<_> = (0..4).map(|_| Bench::of(bench.callers.clone(), Limits::default(), None).caller).collect();
    let [(_, channel), _] = bench.both().await;
    let (message, mut n) = (bench.ask("who").into_inner(), 0);
    let refused = limited_after(2, async || {
        n += 1;
        say(&channel, people[n % people.len()].request(message.clone())).await.map(drop)
    });
    rate_limited(refused.await);
    let reach = [(Permission::LoginWrite, Reach::everything())];
    let elsewhere = bench.callers.person(TenantId(Uuid::from_u128(7)), None, reach);
    assert!(say(&channel, elsewhere.request(message)).await.is_ok());
}

#[tokio::test]
async fn who_has_no_token_is_slowed_down_by_the_address_and_within_a_process_not_at_all() {
    let bench = Bench::new(rates(0, 0, 2), None);
    let [(_, inside), (_, network)] = bench.both().await;
    let sign_in = async |channel: &RpcChannel| {
        SessionServiceClient::new(channel.clone()).sign_in(SignInRequest::default()).await.map(drop)
    };
    rate_limited(limited_after(2, async || sign_in(&network).await).await);
    for _ in 0..20 {
        assert!(sign_in(&inside).await.is_ok());
    }
    assert!(say(&network, bench.ask("who")).await.is_ok(), "who has a token is not counted by the address");
}

#[tokio::test]
async fn callers_whom_the_gateway_names_count_each_for_itself_and_whoever_names_himself_does_not() {
    let bench = Bench::new(rates(0, 0, 2), None);
    let [ours, foreign] = [GATEWAY, "talent"].map(|owner| SigningKey::generate(owner, &bench.callers.rng));
    for key in [&ours, &foreign] {
        bench.callers.keys.add(key.public().clone());
    }
    let [ours, foreign] = [ours, foreign].map(|key| Introducer::new(key.into(), bench.callers.clock.clone()));
    let [_, (_, network)] = bench.both().await;
    let sign_in = async |gateway: &Introducer, from: [u8; 4]| {
        let mut headers = HeaderMap::new();
        gateway.introduce(&mut headers, from.into()).unwrap();
        let metadata = MetadataMap::from_headers(headers);
        let request = tonic::Request::from_parts(metadata, Extensions::default(), SignInRequest::default());
        SessionServiceClient::new(network.clone()).sign_in(request).await.map(drop)
    };
    rate_limited(limited_after(2, async || sign_in(&ours, [198, 51, 100, 1]).await).await);
    assert!(sign_in(&ours, [198, 51, 100, 2]).await.is_ok(), "another caller of the same gateway");
    let mut n = 0;
    let told = limited_after(2, async || {
        n += 1;
        sign_in(&foreign, [203, 0, 113, n]).await
    });
    rate_limited(told.await);
}

#[tokio::test]
async fn processes_of_a_service_count_together_in_redis_and_each_by_itself_without_it() {
    let redis = Redis::start();
    let of = |callers: &Callers| {
        let mut callers = callers.clone();
        callers.cache = Cache::redis(&redis.url(), PATIENCE).expect("an address");
        Bench::of(callers, rates(2, 0, 0), None)
    };
    let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 1);
    let (one, other) = (of(&callers), of(&callers));
    let [(_, here), _] = one.both().await;
    let [(_, there), _] = other.both().await;
    // The same person calls both.
    let (started, mut through) = (Instant::now(), 0);
    for n in 0..100 {
        through += u128::from(say(if n % 2 == 0 { &here } else { &there }, one.ask("who")).await.is_ok());
    }
    // Two, and what came back meanwhile.
    let most = 2 + started.elapsed().as_millis() / 500 + 1;
    assert!((2..=most).contains(&through), "{through} of at most {most}");
    drop(redis);
    for channel in [&here, &there] {
        rate_limited(limited_after(0, async || say(channel, one.ask("who")).await.map(drop)).await);
    }
}
