//! Shedding, rate limits, and calls whose caller goes away.

use futures::poll;
use tally_api::attendance::v1::occupancy_service_client::OccupancyServiceClient;
use tally_rpc::{Limits, RpcChannel};
use tally_testkit::eventually;

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

#[tokio::test]
async fn one_person_is_slowed_down_and_another_is_not() {
    let bench = Bench::new(Limits { calls_per_second: 3, ..Limits::default() }, None);
    let other = Bench::of(bench.callers.clone(), Limits::default(), None).caller;
    let [(_, channel), _] = bench.both().await;
    let refused = eventually("the fourth call in a second", async || {
        let call = say(&channel, bench.ask("who")).await;
        call.err()
    });
    assert_eq!(reason(refused.await), "RATE_LIMITED");
    let message = bench.ask("who").into_inner();
    assert!(say(&channel, other.request(message)).await.is_ok());
}
