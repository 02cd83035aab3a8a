//! What the entry of a read costs: a page of a list with it beside the page alone, on the table of `lists.rs`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use prost::Message as _;
use serde::{Deserialize, Serialize};
use tally_access::{OpContext, Rpc as _};
use tally_api::attendance::v1::{ListPunchesRequest, ListPunchesResponse, Punch};
use tally_api::classes::{Answer, answer_of};
use tally_kernel::id::PersonId;
use tally_store::{Audit, Store};

use crate::commits::AT_ONCE;
use crate::dice::Dice;
use crate::lists::{self, policy::ListPunches};

/// One way and then the other, by turns of this length.
const TURN: Duration = Duration::from_secs(1);

/// Both ways.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reads {
    /// Pages a second, many at once.
    pub alone: f64,
    /// Pages a second with their entries, many at once.
    pub noted: f64,
    /// Milliseconds of half of the pages at most, one at a time.
    pub alone_ms: f64,
    /// The same with entries.
    pub noted_ms: f64,
    /// Entries that the log holds: one of each read.
    pub entries: u64,
}

/// Reads both ways for so many seconds each. `url` is the owner's.
#[tokio::main]
pub async fn measure(url: &str, seconds: u64) -> Result<String> {
    let store = lists::open(url).await?;
    let scopes = lists::scopes()?;
    let (_, ctx) = scopes.into_iter().find(|(name, _)| name.contains("300 units")).context("a scope")?;
    let form = answer_of(ListPunches::METHOD).context("the rpc's answer")?;
    let ways = [None, Some(&form)];
    let sequencer = store.spawn_sequencer(std::future::pending());
    let mut asked = 50 * seconds;
    let (mut pages, mut spent) = ([0_u64; 2], [0.0; 2]);
    // The first turn of each warms up and does not count.
    for turn in 0..=seconds {
        for (way, noted) in ways.into_iter().enumerate() {
            let begin = Instant::now();
            let count = take_turn(&store, &ctx, begin + TURN, noted).await?;
            asked += if noted.is_some() { count } else { 0 };
            if turn > 0 {
                pages[way] += count;
                spent[way] += begin.elapsed().as_secs_f64();
            }
        }
    }
    let mut times = [Vec::new(), Vec::new()];
    let mut dice = Dice::new(13);
    for _ in 0..50 * seconds {
        for (way, noted) in ways.into_iter().enumerate() {
            let begin = Instant::now();
            read(&store, &ctx, &mut dice, noted).await?;
            times[way].push(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
    sequencer.abort();
    store.sequence_now().await?;
    // Beside the chain it finds the rows of the table, which were put down without entries.
    let entries = store.verify_audit().await?.entries;
    ensure!(entries == asked, "{entries} entries of {asked} reads");
    let [alone, noted] = [0, 1].map(|way| pages[way] as f64 / spent[way]);
    let [alone_ms, noted_ms] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    });
    Ok(serde_json::to_string(&Reads { alone, noted, alone_ms, noted_ms, entries })?)
}

async fn take_turn(store: &Store, ctx: &OpContext, end: Instant, noted: Option<&Answer>) -> Result<u64> {
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..AT_ONCE {
        let (store, ctx, noted) = (store.clone(), ctx.clone(), noted.cloned());
        let mut dice = Dice::new(caller as u64);
        callers.spawn(async move {
            let mut count = 0;
            while Instant::now() < end {
                read(&store, &ctx, &mut dice, noted.as_ref()).await?;
                count += 1;
            }
            Ok::<_, anyhow::Error>(count)
        });
    }
    let mut all = 0;
    while let Some(done) = callers.join_next().await {
        all += done??;
    }
    Ok(all)
}

/// A page as its answer, encoded; and then what the stack does with it.
async fn read(store: &Store, ctx: &OpContext, dice: &mut Dice, noted: Option<&Answer>) -> Result<()> {
    let rows = lists::page(store, ctx, lists::somewhen(dice)).await?;
    let punch = |row: &lists::punch::Model| Punch {
        punch_id: row.id.to_string(),
        person_id: row.person_id.to_string(),
        ..Default::default()
    };
    let answer = ListPunchesResponse { punches: rows.iter().map(punch).collect(), ..Default::default() };
    let bytes = answer.encode_to_vec();
    if let Some(form) = noted {
        let shown = form.rows(&ListPunchesRequest::default().encode_to_vec(), &bytes, &[])?;
        let people: BTreeSet<PersonId> = shown.people.iter().filter_map(|id| id.parse().ok()).collect();
        let audit = Audit::new("attendance.punch.read", "row", "page").about_all(people);
        store.audit_read(ctx, ListPunches::METHOD, audit.note("rows", shown.ids.len())).await?;
    }
    Ok(())
}
