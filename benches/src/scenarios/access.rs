//! Scenarios of access and audit.

use anyhow::{Result, ensure};

use super::Bench;
use crate::agree::Agreement;
use crate::audited::{Cost, Numbered};
use crate::checks::{self, Both};
use crate::child;
use crate::decisions::Caller;
use crate::doors::Pair;
use crate::lists::{self, Pages};
use crate::reads::Reads;
use crate::report::{Section, number};
use crate::server::Server;

pub(super) fn decisions(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "Decisions",
        "`decide()` in a group of 100,000 people in 10,000 units, on one core: four permissions on random people, in batches \
         of a thousand, mean of all batches and the slowest of a hundred. Compiling the view is done once per revision. \
         Beside it, asked the same in every hundredth batch, cedar-policy (a policy for each role, what a principal holds as \
         its attributes, rows and units as entities, questions made beforehand) and casbin (a policy for each assignment, \
         units and permissions as its role hierarchies). All three must give the same answers.",
        &["caller", "compile µs", "mean ns", "p99 ns", "Cedar ns", "Casbin ns", "Cedar / Tally", "allowed of 1,000"],
    );
    let callers: Vec<Caller> = child::run(&["decide", if bench.quick { "100" } else { "2000" }])?;
    let worst = callers.iter().map(|caller| caller.mean_ns).fold(0.0, f64::max);
    let compared: usize = callers.iter().map(|caller| caller.compared).sum();
    section.about += &format!("\n\nAnswers compared: {}.", number(compared as f64));
    for caller in callers {
        let Caller { compile_us, mean_ns, p99_ns, cedar_ns, casbin_ns, .. } = caller;
        let times = cedar_ns / mean_ns;
        let figures =
            [compile_us, mean_ns, p99_ns, cedar_ns, casbin_ns, times, caller.allowed_permille as f64].map(number);
        section.row([caller.name].into_iter().chain(figures));
    }
    section.at_most("mean of a decision, slowest caller", worst, 150.0, "ns");
    Ok(())
}

pub(super) fn agreement(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "Agreement with Cedar",
        "Random groups, each with its tree, grants on every scope with days and conditions, roles of its own, delegations, \
         emergencies, modules and rows. cedar-policy answers from the facts in its own words: a subtree is `resource in unit`, \
         a role is `action in role`, days and hours are computed by its datetime extension. One difference fails the run.",
        &["groups", "decisions, all alike", "allowed", "allowed through what is delegated", "Tally ns", "Cedar ns"],
    );
    let seed = tally_kernel::Rng::System.bytes::<4>();
    let seed = u32::from_le_bytes(seed).to_string();
    let decisions = if bench.quick { "50000" } else { "1000000" };
    let done: Agreement = child::run(&["agree", decisions, &seed])?;
    section.about += &format!("\n\nSeed {seed}; again with `report agree {decisions} {seed}`.");
    let counts = [done.groups, done.decisions, done.allowed, done.through_temporary_rights].map(|n| number(n as f64));
    section.row(counts.into_iter().chain([done.tally_ns, done.cedar_ns].map(number)));
    if !bench.quick {
        section.at_least("decisions, all alike", done.decisions as f64, 1_000_000.0, "");
    }
    Ok(())
}

pub(super) fn checks(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "Check over gRPC",
        &format!(
            "`CheckService.Check` of one's own right, beside a call that does nothing behind the same stack: trace, metrics, \
             deadline, the token, the session and the view from identity's store (SQLite). Both over a loopback socket, {} \
             calls at once on the same cores as the server, by turns of half a second. Then as many callers who pause, so that \
             they call half as often; their times count from when a call was due, but for the millisecond that a timer may be late.",
            checks::AT_ONCE
        ),
        &["", "calls / s", "p50 ms", "p99 ms"],
    );
    let both: Both = child::run(&["check", if bench.quick { "2" } else { "10" }])?;
    for (name, calls) in [("empty call", &both.empty), ("Check", &both.check), ("Check at half the load", &both.paced)]
    {
        let figures = [calls.per_second, calls.p50_ms, calls.p99_ms].map(number);
        section.row([name.to_owned()].into_iter().chain(figures));
    }
    section.at_least("Check to the empty call", both.check.per_second / both.empty.per_second, 0.5, "x");
    section.at_most("p99 of Check at half the load", both.paced.p99_ms, 5.0, "ms");
    Ok(())
}

pub(super) fn doors(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "REST beside the call that it wraps",
        "The suite in one process on SQLite, as `tally serve` has it. One caller asks the same by gRPC and by REST in turns, each over a \
         loopback socket that it keeps, on the same cores as the server; plain clients (tonic's channel, hyper's HTTP/1.1). *Adds* is of \
         the pairs: the time by REST without that by gRPC just before or after.",
        &["", "gRPC p50 us", "REST p50 us", "adds p50 us", "adds p99 us"],
    );
    let all: Vec<Pair> = child::run(&["doors", if bench.quick { "500" } else { "5000" }])?;
    for pair in &all {
        let figures = [pair.grpc, pair.rest, pair.adds, pair.adds_p99].map(number);
        section.row([pair.what.clone()].into_iter().chain(figures));
        section.at_most(&format!("REST adds to {}", pair.what), pair.adds, 150.0, "us");
    }
    Ok(())
}

pub(super) fn pages(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "Lists under a scope",
        "Pages of 50 punches of 1,000,000, newest first, from random instants on, by the time of day in turns: the plan of a \
         caller as its filter, in a read transaction of its own under row-level security, on PostgreSQL.",
        &["scope", "rows in it", "p50 ms", "p95 ms"],
    );
    let server = Server::start()?;
    let url = server.create("lists")?;
    let all: Vec<Pages> = child::run(&["list", &url, if bench.quick { "100" } else { "1000" }])?;
    for pages in &all {
        let figures = [pages.rows as f64, pages.p50_ms, pages.p95_ms].map(number);
        section.row([pages.scope.clone()].into_iter().chain(figures));
        section.at_most(&format!("p95 of a page under {}", pages.scope), pages.p95_ms, 5.0, "ms");
    }
    ensure!(all.first().is_some_and(|pages| pages.rows == lists::ROWS as u64), "the table is not full");
    for setting in ["session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0"] {
        server.sql("postgres", &format!("ALTER DATABASE lists SET {setting}"))?;
    }
    // Plans of the tenth page: by then the server has settled on one for any values, where it means to.
    child::run::<Vec<Pages>>(&["list", &url, "10"])?;
    for (pages, plan) in all.iter().zip(server.last_plans("ORDER BY \"punches\".\"at\" DESC", all.len())?) {
        section.about += &format!("\n\nUnder {}:\n\n```text\n{plan}\n```", pages.scope);
    }
    Ok(())
}

pub(super) fn reads(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "The entry of a read",
        "A page of 50 punches of 1,000,000 under 300 units, encoded as its answer: alone, and looked through for people and \
         written into the audit log, durable, before it is done. PostgreSQL, synchronous_commit on, by turns of a second, a \
         sequencer at work. Many at once share transactions; one at a time each has its own.",
        &["", "alone", "with its entry", "ratio"],
    );
    let server = Server::start()?;
    let url = server.create("lists")?;
    let done: Reads = child::run(&["reads", &url, if bench.quick { "2" } else { "10" }])?;
    ensure!(done.entries > 0, "no entry was written");
    let ratio = done.noted / done.alone;
    section.row(["16 at once, pages / s".to_owned()].into_iter().chain([done.alone, done.noted, ratio].map(number)));
    let times = [done.alone_ms, done.noted_ms, done.noted_ms / done.alone_ms].map(number);
    section.row(["one at a time, p50 ms".to_owned()].into_iter().chain(times));
    section.at_least("pages with their entries to pages alone, many at once", ratio, 0.5, "x");
    Ok(())
}

pub(super) fn audited(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "The audit's share",
        "The same inserted row as a unit of work with its audit entry, while a sequencer numbers the entries, and in a bare \
         transaction of sea-orm that sets the same context and writes no entry; PostgreSQL, 16 at once, by turns of a second. \
         Together: row and entry in one statement, as a punch and a hand-over are recorded. Apart: one after the other. Then \
         entries that were written and wait are numbered, chained and signed in batches, with nothing else going on. The log is \
         verified after each.",
        &[
            "synchronous_commit",
            "bare / s",
            "together / s",
            "apart / s",
            "together to bare",
            "apart to bare",
            "numbered / s",
        ],
    );
    let (server, seconds) = (Server::start()?, if bench.quick { "2" } else { "10" });
    let entries = if bench.quick { 10_000 } else { 100_000 };
    for on_off in ["on", "off"] {
        let database = format!("audited_{on_off}");
        let url = server.create(&database)?;
        server.sql("postgres", &format!("ALTER DATABASE {database} SET synchronous_commit = {on_off}"))?;
        let cost: Cost = child::run(&["audited", &url, seconds])?;
        ensure!(cost.verified > 0, "no entry was written");
        let (together, apart) = (cost.together / cost.bare, cost.apart / cost.bare);
        let mut figures = vec![cost.bare, cost.together, cost.apart, together, apart];
        section.at_least(&format!("with audit to bare, synchronous_commit {on_off}"), together, 0.7, "x");
        if on_off == "off" {
            // What waits is written faster without waiting for the disk; numbering it waits once for each batch.
            let url = server.create("numbered")?;
            server.sql("postgres", "ALTER DATABASE numbered SET synchronous_commit = off")?;
            let done: Numbered = child::run(&["sequence", &url, &entries.to_string()])?;
            ensure!(done.verified == entries, "{} of {entries} entries were verified", done.verified);
            figures.push(done.entries as f64 / done.seconds);
            section.at_least("entries numbered a second", figures[5], 10_000.0, "");
        }
        let cells = figures.into_iter().map(number).chain((on_off == "on").then(|| "".to_owned()));
        section.row([on_off.to_owned()].into_iter().chain(cells));
    }
    Ok(())
}
