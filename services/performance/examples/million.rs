//! temporary
#![expect(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    dead_code,
    unused_imports,
    reason = "temporary"
)]
#[path = "../tests/performance/world.rs"]
mod world;

use std::time::Instant;
use tally_api::attendance::v1::DutyRule;
use tally_api::performance::v1 as pb;
use tally_testkit::databases::TestStore;
use world::{Told, World};

fn rss() -> String {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines()
        .filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS"))
        .map(|l| l.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024)
        .map(|m| format!("{m}M "))
        .collect()
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let n: u64 = args.get(1).map_or(1_000_000, |a| a.parse().unwrap());
    let db = if args.get(2).is_some_and(|d| d == "pg") {
        TestStore::postgres("performance", tally_performance::migrations).await
    } else {
        TestStore::sqlite("performance", tally_performance::migrations).await
    };
    println!("{} {}", db.name, db.owner_url);
    let (people, accounts) = (200_u128, 20_u128);
    let mut told = Told::of(people, accounts);
    let base: jiff::Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let mut rng = 1_u64;
    let mut next = move || {
        rng = rng.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        rng >> 33
    };
    for day in 0..30_i64 {
        for p in 1..=people {
            // two to three accounts a person; a home account and a second one now and then
            let a = (p - 1) % accounts + 1;
            let shift = (p / 7 % 3) as i64 * 4;
            let s = base + jiff::SignedDuration::from_hours(24 * day + shift);
            let e = s + jiff::SignedDuration::from_hours(8);
            told.on_duty(a, p, DutyRule::Punch, &s.to_string(), &e.to_string());
            if p % 5 == 0 {
                told.on_duty(a % accounts + 1, p, DutyRule::Punch, &s.to_string(), &e.to_string());
            }
        }
    }
    let mut world = World::on(db, told);
    let t = Instant::now();
    let mut written = 0;
    let per = n / accounts as u64;
    let mut gen_time = 0.0;
    for a in 1..=accounts {
        let mut done = 0;
        while done < per {
            let g = Instant::now();
            let rows: Vec<pb::Record> = (0..5000.min(per - done))
                .map(|i| {
                    let k = done + i;
                    let at = base
                        + jiff::SignedDuration::from_millis(
                            (k * 30 * 86_400_000 / per) as i64 + (next() % 60_000) as i64,
                        );
                    let start = at.to_string();
                    let mut r = world::record(&format!("R{a:02}-{k:08}"), &start);
                    r.customer = format!("c{}", next() % 300_000);
                    r.first_reply_ms = Some((next() % 60_000) as u32);
                    r.resolved = Some(next() % 10 > 0);
                    r.rating_milli = (next() % 3 == 0).then_some(((next() % 5 + 1) * 1000) as u32);
                    r.amount_minor = (next() % 4 == 0).then_some((next() % 100_000) as i64);
                    if next() % 10 == 0 {
                        r.agent = format!("E{:04}", (next() % 10) as u128 * 20 + a);
                    }
                    r
                })
                .collect();
            done += rows.len() as u64;
            gen_time += g.elapsed().as_secs_f64();
            written += world.import(a, rows).await.written;
        }
    }
    println!("imported {written} in {:.1}s (of it {gen_time:.1}s generating) rss {}", t.elapsed().as_secs_f64(), rss());
    world.work();
    let id = world.march().await;
    let t = Instant::now();
    let cycle = world.close(&id).await;
    println!("closed in {:.1}s rss {} {:?}", t.elapsed().as_secs_f64(), rss(), cycle);
    let t = Instant::now();
    let credits = world.credits(&world.admin, &id).await;
    println!("exported {} in {:.1}s rss {}", credits.len(), t.elapsed().as_secs_f64(), rss());
    let path = world.db.owner_url.clone();
    let path = path.trim_start_matches("sqlite://").to_owned();
    if let Ok(m) = std::fs::metadata(&path) {
        println!("file {} MB", m.len() / 1_000_000);
    }
}
