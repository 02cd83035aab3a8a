//! One suite for both caches, and what is particular to a Redis that goes away.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use jiff::SignedDuration;
use tally_cache::{Cache, Draw};
use tally_kernel::Bucket;
use tally_testkit::eventually;
use tally_testkit::proxy::Proxy;
use tally_testkit::redis::Redis;

/// Redis is given time, so that a busy machine is not taken for one that is away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Both caches, each twice: as two processes would see it.
fn both(redis: &Redis) -> [(&'static str, Cache, Cache); 2] {
    let memory = Cache::memory();
    let open = || Cache::redis(&redis.url(), PATIENCE).expect("an address");
    [("memory", memory.clone(), memory), ("redis", open(), open())]
}

/// A bucket of so many tokens that do not come back while a test runs.
fn slow(name: &str, tokens: u32) -> Draw {
    Draw { name: name.into(), bucket: Bucket::new(tokens, SignedDuration::from_hours(1)) }
}

/// How many tokens these caches give in turn before there are none.
async fn given(caches: &[&Cache], draw: &Draw) -> usize {
    let mut given = 0;
    while caches[given % caches.len()].take(std::slice::from_ref(draw)).await.is_ok() {
        given += 1;
    }
    given
}

#[tokio::test]
async fn everybody_takes_from_the_same_bucket_and_it_tells_how_long_to_wait() {
    let redis = Redis::start();
    for (name, one, other) in both(&redis) {
        assert_eq!(given(&[&one, &other], &slow("ada", 7)).await, 7, "{name}");
        let wait = other.take(&[slow("ada", 7)]).await.unwrap_err();
        assert!(wait > Duration::from_secs(3_000) && wait <= Duration::from_secs(3_600), "{name}: {wait:?}");
        assert_eq!(given(&[&one], &slow("bo", 3)).await, 3, "{name}: another one's bucket is full");
    }
}

#[tokio::test]
async fn tokens_come_back_one_by_one() {
    let redis = Redis::start();
    for (name, one, other) in both(&redis) {
        let draw = [Draw { name: "quick".into(), bucket: Bucket::new(1, SignedDuration::from_millis(20)) }];
        assert!(one.take(&draw).await.is_ok(), "{name}");
        for _ in 0..3 {
            eventually("the next token", async || other.take(&draw).await.ok()).await;
        }
    }
}

#[tokio::test]
async fn a_token_is_taken_from_every_bucket_or_from_none() {
    let redis = Redis::start();
    for (name, one, _) in both(&redis) {
        let (person, group) = (slow("person", 5), slow("group", 2));
        for _ in 0..2 {
            assert!(one.take(&[person.clone(), group.clone()]).await.is_ok(), "{name}");
        }
        for _ in 0..20 {
            assert!(one.take(&[person.clone(), group.clone()]).await.is_err(), "{name}");
        }
        assert_eq!(given(&[&one], &person).await, 3, "{name}: what was refused took nothing");
    }
}

#[tokio::test]
async fn a_full_bucket_leaves_nothing_in_redis() {
    let redis = Redis::start();
    let cache = Cache::redis(&redis.url(), PATIENCE).unwrap();
    let draw = [slow("gone-later", 2)];
    assert!(cache.take(&draw).await.is_ok() && cache.take(&draw).await.is_ok());
    let keyspace = ask(&redis, "INFO keyspace");
    assert!(keyspace.contains("db0:keys=1,expires=1,"), "the one key expires by itself: {keyspace}");
    let draw = [Draw { name: "gone-soon".into(), bucket: Bucket::new(2, SignedDuration::from_millis(100)) }];
    assert!(cache.take(&draw).await.is_ok());
    eventually("the other key expires", async || (ask(&redis, "DBSIZE") == ":1\r\n").then_some(())).await;
}

/// What Redis says to a command.
fn ask(redis: &Redis, command: &str) -> String {
    let mut connection = TcpStream::connect(redis.address()).expect("Redis");
    connection.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).expect("a command");
    let mut reply = String::new();
    connection.read_to_string(&mut reply).expect("a reply");
    reply.replace("+OK\r\n", "")
}

#[tokio::test]
async fn a_bell_wakes_every_listener_of_its_name_and_rings_are_not_lost_while_nobody_waits() {
    let redis = Redis::start();
    for (name, one, other) in both(&redis) {
        let (mut a, mut b, mut silent) = (one.bell("performance"), other.bell("performance"), one.bell("talent"));
        if name == "redis" {
            // Listening begins with a ring, because what came before may have been missed.
            tokio::join!(a.heard(), b.heard(), silent.heard());
        }
        one.ring("performance").await;
        one.ring("performance").await;
        tokio::join!(a.heard(), b.heard());
        assert!(futures::poll!(Box::pin(silent.heard())).is_pending(), "{name}");
    }
}

#[tokio::test]
async fn while_redis_is_away_each_process_counts_by_itself_and_together_again_when_it_is_back() {
    let redis = Redis::start();
    let (proxy, far) = (Proxy::before(redis.address()).await, Proxy::before(redis.address()).await);
    let open = |proxy: &Proxy| Cache::redis(&format!("redis://{}", proxy.address()), PATIENCE).unwrap();
    let (one, other) = (open(&proxy), open(&far));
    assert_eq!(given(&[&one, &other], &slow("before", 4)).await, 4);
    let mut bell = one.bell("performance");
    bell.heard().await;

    for (round, lose) in [("cut", Proxy::cut as fn(&Proxy)), ("silent", Proxy::swallow)] {
        lose(&proxy);
        lose(&far);
        // Each of them waiting for an answer would take minutes: Redis is left alone after the first.
        let alone = slow(&format!("alone-{round}"), 1_000);
        assert_eq!(given(&[&one], &alone).await, 1_000, "{round}: as strict as one process");
        assert_eq!(given(&[&other], &alone).await, 1_000, "{round}: and so is the other");
        one.ring("performance").await;
        proxy.restore();
        far.restore();
        let mut tries = 0;
        eventually("both count in Redis again", async || {
            tries += 1;
            let draw = [slow(&format!("again-{round}-{tries}"), 1)];
            let (first, second) = (one.take(&draw).await, other.take(&draw).await);
            (first.is_ok() && second.is_err()).then_some(())
        })
        .await;
        assert_eq!(given(&[&one, &other], &slow("before", 4)).await, 0, "{round}: what was counted there still is");
    }
    // The bell's connection was lost as well: it comes back with a ring, because one may have been missed.
    bell.heard().await;
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_repeating_its_password() {
    let error = Cache::redis("http://user:hunter2@host", PATIENCE).unwrap_err().to_string();
    assert!(error.contains("redis://") && !error.contains("hunter2"), "{error}");
}
