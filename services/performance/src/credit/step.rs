//! Crediting the records of a run: the parts of a run that this room does.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tally_access::OpContext;
use tally_kernel::time::{tzdb_release, zone};
use tally_kernel::{Error, Kind, Result};
use tally_store::{Audit, ScopedTx, UnitOfWork};
use uuid::Uuid;

use super::domain::fixes;
use super::store::{self, Place, Total};
use crate::App;
use crate::card;
use crate::claim::facts as claims;
use crate::record::domain::money::Amounts;
use crate::record::domain::overpaid::Told;
use crate::record::facts as records;
use crate::record::facts::{Reading, Reckoned};
use crate::reply::domain::Messages;
use crate::reply::facts as replies;
use crate::run::domain::{AttributionRun, Failure, Summary};
use crate::run::facts::{self as runs, Task};
use crate::run::step::At;
use tally_engine::attribution::Credit;
use tally_engine::closing::codec::Share;
use tally_engine::closing::collect::{Collector, Records, Row, Said};
use tally_engine::closing::compute::{AccountPart, Computed, compute, stored};
use tally_engine::closing::credit::Figures;
use tally_engine::closing::facts::{Finding, Odd};
use tally_engine::closing::snapshot::{Frozen, FrozenAccount};

/// Records read at once.
const READ: u64 = 20_000;
/// Records asked for by their ids at once.
const IDS: usize = 5_000;
/// Credits written in one unit: small enough that nobody else waits long for the store.
const WRITE: usize = 25_000;

/// Credits the records of one component of a run.
///
/// # Errors
/// What reading, computing or writing says.
pub async fn attribute(at: &At<'_>, run: &AttributionRun, component: i32) -> Result<()> {
    let frozen = {
        let tx = at.app.store.read(at.ctx).await?;
        runs::component(&tx, run.id.0, component).await?
    };
    let computed = derive(at.app, at.ctx, run, (frozen, None)).await?;
    for (place, part) in computed.accounts.iter().enumerate() {
        write_credits(at, &computed, place, part).await?;
    }
    at.write(async |work| write_rest(at, work, &computed, component).await).await?;
    at.app.wake.notify_waiters();
    Ok(())
}

/// What the records of a component come to, as they are, or as they were known at an instant. Writes nothing.
///
/// # Errors
/// What reading or computing says.
pub async fn derive(
    app: &App,
    ctx: &OpContext,
    run: &AttributionRun,
    (frozen, known_at): (Frozen, Option<Timestamp>),
) -> Result<Computed> {
    let (records, unreckoned) = read_records(&*app.store.read(ctx).await?, &frozen, run, known_at).await?;
    let (columns, pool) = (run.columns.len(), app.compute.clone());
    let computed = app.compute.run("attribution", move || compute(frozen, records, columns, pool.pool()));
    let mut computed = computed.await?;
    for (part, left_out) in computed.accounts.iter_mut().zip(unreckoned) {
        part.figures.unreckoned = left_out;
    }
    Ok(computed)
}

/// Adds up what all components came to, and ends the run.
///
/// # Errors
/// What the store says.
pub async fn total(at: &At<'_>, run: &AttributionRun) -> Result<()> {
    let (outcomes, people, needs_records) = {
        let tx = at.app.store.read(at.ctx).await?;
        let (outcomes, people) =
            (runs::outcomes(&tx, run.id.0).await?, runs::sums_of_people(&tx, run.id.0).await?.len());
        (outcomes, people, card::facts::run_needs_records(&tx, run).await?)
    };
    let (mut figures, mut all) = (Figures::default(), blake3::Hasher::new());
    for (_, outcome) in &outcomes {
        figures.merge(&outcome.figures);
        all.update(&outcome.digest);
    }
    if figures.records == 0 && needs_records {
        return at.end(Failure::NoRecords { period: run.period, part: !run.scope.is_all() }).await;
    }
    let count = |n: usize| u32::try_from(n).map_err(Error::internal);
    let digest = all.finalize().to_hex().to_string();
    let summary = Summary::of(&figures, count(outcomes.len())?, count(people)?, digest, tzdb_release().to_owned());
    at.write(async |work| {
        at.finish(&work, summary.clone()).await?;
        let audit = at.audit("performance.run.total").note("records", summary.records).note("digest", &summary.digest);
        Ok((work, audit))
    })
    .await?;
    at.app.wake.notify_waiters();
    Ok(())
}

/// The messages of an account's records.
async fn read_replies(
    tx: &ScopedTx,
    (account, known_at): (&FrozenAccount, Option<Timestamp>),
    collector: &mut Collector<'_>,
) -> Result<()> {
    let (of, mut last, mut more) = ((account.id, (account.from_ms, account.to_ms)), None, true);
    while more {
        let take = |started_ms: i64, external_id: &str, messages: Messages<'_>| {
            for message in messages {
                let message = message.map_err(Error::internal)?;
                collector.message((started_ms, external_id), message.at_ms, message.by, message.device);
            }
            Ok(())
        };
        last = replies::collect(tx, of, known_at, last.as_ref(), READ, take).await?;
        more = last.is_some();
    }
    Ok(())
}

/// The claims on an account that were made in its days. One that names a record of other days counts for nothing, and is no claim of a record
/// that never came.
async fn read_claims(
    tx: &ScopedTx,
    (account, known_at): (&FrozenAccount, Option<Timestamp>),
    collector: &mut Collector<'_>,
) -> Result<()> {
    let claims = claims::made(tx, account.id, (account.from_ms, account.to_ms), known_at).await?;
    let missing: Vec<&str> =
        collector.missing(claims.iter().map(|claim| claim.external_id.as_str())).into_iter().collect();
    let mut elsewhere = BTreeSet::new();
    for ids in missing.chunks(IDS) {
        let named = BTreeMap::from([(account.id, ids.iter().copied().collect())]);
        elsewhere.extend(records::places(tx, &named).await?.into_iter().map(|place| place.key.1));
    }
    let counting = claims.iter().filter(|claim| !elsewhere.contains(&claim.external_id));
    let said = counting.map(|claim| Said {
        person: claim.person,
        at_ms: claim.at_ms,
        external_id: &claim.external_id,
        customer: &claim.customer,
    });
    collector.claims(&said.collect::<Vec<_>>());
    Ok(())
}

/// The records of a component, and of each account how many cannot be reckoned with. A run of everything is refused for one; of a unit's only what
/// its people are credited with counts, which is seen when they are scored.
async fn read_records(
    tx: &ScopedTx,
    frozen: &Frozen,
    run: &AttributionRun,
    known_at: Option<Timestamp>,
) -> Result<(Records, Vec<u64>)> {
    let (columns, mut records) = (run.columns.as_slice(), Records::new(run.columns.len()));
    let mut unreckoned = vec![0; frozen.accounts.len()];
    let money = run.money.as_ref().filter(|_| run.amounts);
    for (place, account) in frozen.accounts.iter().enumerate() {
        let span = (account.from_ms, account.to_ms);
        let mut collector = Collector::new(frozen, place, &mut records)?;
        let of = (account.id, account.key.as_str());
        let zone = zone(&account.zone)?;
        let reckoning = money.map(|money| money.reckoning(None, zone));
        let amounts = reckoning.as_ref().map_or(Amounts::LeftOut, Amounts::In);
        let reading = Reading { account: of, span, columns, amounts, known_at };
        let (mut last, mut more, mut told) = (None, true, Told::default());
        while more {
            let take = |row: &Row<'_>, reckoned: Result<Reckoned>| {
                collector.push(row);
                match reckoned {
                    Ok(reckoned) => told.add(&reckoned.converted, reckoned.overpaid),
                    Err(problem) if run.scope.is_all() || problem.kind() != Kind::FailedPrecondition => {
                        return Err(problem);
                    }
                    Err(_) => unreckoned[place] += 1,
                }
                Ok(())
            };
            last = records::collect(tx, &reading, last.as_ref(), READ, take).await?;
            more = last.is_some();
        }
        if frozen.policy.rules() >= 3 {
            read_replies(tx, (account, known_at), &mut collector).await?;
            read_claims(tx, (account, known_at), &mut collector).await?;
        }
        collector.finish();
        records.findings.extend(run.money.iter().flat_map(|money| told.findings(&account.key, money)));
    }
    Ok((records, unreckoned))
}

/// Writes an account's credits in pieces; the first piece removes what an attempt that died left behind.
async fn write_credits(at: &At<'_>, computed: &Computed, place: usize, part: &AccountPart) -> Result<()> {
    let account = &computed.frozen.accounts[place];
    for (n, piece) in computed.outcome.credits[part.credits.clone()].chunks(WRITE).enumerate() {
        at.write(async |work| {
            if n == 0 {
                store::clear_credits(&work, at.job.attribution.0, account.id).await?;
            }
            store::put_credits(&work, rows(at.job.attribution.0, computed, account, piece)).await?;
            let audit = at.audit("performance.run.attribute").region(&account.region).note("account", account.id);
            Ok((work, audit.note("rows", piece.len())))
        })
        .await?;
    }
    Ok(())
}

fn rows(run: Uuid, computed: &Computed, account: &FrozenAccount, piece: &[Credit]) -> Vec<store::credit::ActiveModel> {
    let mut rows = Vec::with_capacity(piece.len());
    for credit in piece {
        let shares: Vec<Share> = computed.outcome.shares_of(credit).iter().map(stored).collect();
        let told = (shares.as_slice(), computed.outcome.why_of(credit));
        rows.push(store::credit_row(run, account, &computed.records[credit.record as usize], credit, told));
    }
    rows
}

/// Writes everything but the credits, and ends the item; the last one puts down the scoring.
async fn write_rest(at: &At<'_>, work: UnitOfWork, computed: &Computed, component: i32) -> Result<(UnitOfWork, Audit)> {
    let (run, frozen) = (at.job.attribution.0, &computed.frozen);
    let day = frozen.period.to();
    store::clear_component(&work, run, component).await?;
    runs::clear_component(&work, run, component).await?;
    let parts = frozen.accounts.iter().zip(&computed.accounts);
    let outcome = |p: &AccountPart| {
        let (figures, digest, contents) = (p.figures.clone(), p.digest, Some(p.contents));
        runs::RunOutcome { figures, digest, contents, credits: run }
    };
    let outcomes: Vec<_> = parts.map(|(account, part)| (account, outcome(part))).collect();
    runs::put_outcomes(&work, at.ctx, run, component, &outcomes).await?;
    runs::put_sums(&work, at.ctx, run, component, &computed.sums).await?;
    store::put_totals(&work, at.ctx, (run, day), component, &totals(computed)).await?;
    store::put_findings(&work, at.ctx, (run, day), component, &findings(computed)).await?;
    let left = work.finish_work(at.item).await?;
    if left == 0 {
        work.enqueue_work([at.job.then(Task::Total)]).await?;
    }
    at.advance(&work).await?;
    let audit = at.audit("performance.run.attribute").note("component", component);
    Ok((work, audit.note("people", computed.sums.len())))
}

fn totals(computed: &Computed) -> Vec<(Place, Total)> {
    let frozen = &computed.frozen;
    let all = computed.outcome.by_account.iter().chain(&computed.outcome.by_person);
    let total = |t: &tally_engine::attribution::Total| {
        let person = frozen.people.get(t.person as usize)?;
        let account = t.account.and_then(|a| frozen.accounts.get(a as usize));
        let place = Place::frozen(person, frozen.period.to());
        let rungs = [t.tagged, t.handover, t.sole, t.inferred, t.equal, t.team];
        let later = [t.claimed, t.device, t.replies, t.tag_share];
        let account = account.map(|a| a.id);
        Some((place, Total { person: person.id, account, rungs, later, total: t.total, low: t.low, high: t.high }))
    };
    all.filter_map(total).collect()
}

fn findings(computed: &Computed) -> Vec<(Place, Finding)> {
    let (frozen, alone) = (&computed.frozen, fixes::served_alone(computed));
    let place = |odd: &Odd| {
        let account = odd.account.and_then(|a| frozen.accounts.get(a as usize));
        let person = odd.person.and_then(|p| frozen.people.get(p as usize));
        let global = tally_access::Region::global();
        let place = Place {
            region: account.map_or(global, |a| a.region.clone()),
            unit: account.and_then(|a| a.unit),
            person: person.map(|p| p.id),
            left: None,
        };
        (place, Finding { fix: fixes::of(computed, &alone, odd), ..odd.finding.clone() })
    };
    computed.findings.iter().map(place).collect()
}
