//! One suite for both caches, and what is particular to a Redis that goes away.

use std::time::Duration;

use tally_cache::{Cache, Key};
use tally_testkit::eventually;
use tally_testkit::proxy::Proxy;
use tally_testkit::redis::Redis;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(30);

/// Both caches, each twice: as two processes would see it.
fn both(redis: &Redis) -> [(&'static str, Cache, Cache); 2] {
    let memory = Cache::memory();
    let open = || Cache::redis(&redis.url()).expect("an address");
    [("memory", memory.clone(), memory), ("redis", open(), open())]
}

fn key(id: &str, revision: u64) -> Key {
    Key::new("view", "tenant-1", id, revision)
}

#[tokio::test]
async fn a_value_is_found_by_everybody_until_it_is_deleted() {
    let redis = Redis::start();
    for (name, one, other) in both(&redis) {
        assert_eq!(one.get(&key("a", 1)).await, None, "{name}");
        one.set(&key("a", 1), b"\0view", LONG).await;
        assert_eq!(other.get(&key("a", 1)).await.as_deref(), Some(&b"\0view"[..]), "{name}");
        one.set(&key("a", 1), b"again", LONG).await;
        assert_eq!(other.get(&key("a", 1)).await.as_deref(), Some(&b"again"[..]), "{name}");
        other.del(&key("a", 1)).await;
        assert_eq!(one.get(&key("a", 1)).await, None, "{name}");
    }
}

#[tokio::test]
async fn a_value_of_an_old_revision_is_never_found_at_a_new_one() {
    let redis = Redis::start();
    for (name, cache, _) in both(&redis) {
        cache.set(&key("a", 1), b"old", LONG).await;
        assert_eq!(cache.get(&key("a", 2)).await, None, "{name}");
        cache.set(&key("a", 2), b"new", LONG).await;
        // The delete of the old one got lost: nobody asks for it any more.
        assert_eq!(cache.get(&key("a", 2)).await.as_deref(), Some(&b"new"[..]), "{name}");
        let other_tenant = Key::new("view", "tenant-2", "a", 2);
        assert_eq!(cache.get(&other_tenant).await, None, "{name}");
    }
}

#[tokio::test]
async fn a_value_goes_when_its_time_is_over() {
    let redis = Redis::start();
    for (name, cache, _) in both(&redis) {
        cache.set(&key("short", 1), b"x", SHORT).await;
        cache.set(&key("long", 1), b"y", LONG).await;
        eventually(name, async || cache.get(&key("short", 1)).await.is_none().then_some(())).await;
        assert!(cache.get(&key("long", 1)).await.is_some(), "{name}");
    }
}

#[tokio::test]
async fn counters_count_for_everybody_and_start_again_with_the_next_window() {
    let redis = Redis::start();
    for (name, one, other) in both(&redis) {
        assert_eq!(one.count("sign-in", "ada", LONG).await, Some(1), "{name}");
        assert_eq!(other.count("sign-in", "ada", LONG).await, Some(2), "{name}");
        assert_eq!(one.count("sign-in", "bo", LONG).await, Some(1), "{name}");
        assert_eq!(one.count("reset", "ada", LONG).await, Some(1), "{name}");
        for n in 1..=2 {
            assert!(one.count("short", "ada", SHORT).await.is_some_and(|count| count <= n), "{name}");
        }
        eventually("the next window", async || (one.count("short", "ada", SHORT).await == Some(1)).then_some(())).await;
    }
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
async fn a_lost_redis_is_a_miss_costs_little_and_comes_back() {
    let redis = Redis::start();
    let proxy = Proxy::before(redis.address()).await;
    let cache = Cache::redis(&format!("redis://{}", proxy.address())).unwrap();
    cache.set(&key("a", 1), b"x", LONG).await;
    assert!(cache.get(&key("a", 1)).await.is_some());
    let mut bell = cache.bell("performance");
    bell.heard().await;

    for lose in [Proxy::cut, Proxy::swallow] {
        lose(&proxy);
        // Each of them waiting for an answer would take minutes: Redis is left alone after the first.
        for _ in 0..1_000 {
            assert_eq!(cache.get(&key("a", 1)).await, None);
            assert_eq!(cache.count("sign-in", "ada", LONG).await, None, "nobody knows, and nobody makes it up");
        }
        cache.set(&key("b", 1), b"lost", LONG).await;
        cache.ring("performance").await;
        proxy.restore();
        eventually("Redis is back", async || cache.get(&key("a", 1)).await).await;
    }
    // The bell's connection was cut as well: it comes back with a ring, because one may have been missed.
    bell.heard().await;
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_repeating_its_password() {
    let error = Cache::redis("http://user:hunter2@host").unwrap_err().to_string();
    assert!(error.contains("redis://") && !error.contains("hunter2"), "{error}");
}
