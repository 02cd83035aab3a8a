//! The scenarios, in the order of the report.

mod access;
mod chat;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::builder::PossibleValuesParser;
use tally_kernel::Clock;

use crate::child::{self, Closed};
use crate::close::{self, Ran};
use crate::commits::{AT_ONCE, Units};
use crate::machine::{Machine, cores, load};
use crate::months::Months;
use crate::pandas;
use crate::report::{Report, Section, number};
use crate::server::Server;

/// What a run works with.
struct Bench {
    /// Records of the months, the largest last.
    sizes: [usize; 3],
    quick: bool,
    /// Holds a folder for each size.
    work: tempfile::TempDir,
}

impl Bench {
    /// The month of so many records, made when it is first asked for.
    fn month(&self, records: usize) -> Result<PathBuf> {
        let month = self.work.path().join(records.to_string());
        if !month.exists() {
            say(&format!("making a month of {records} records"));
            fs::create_dir_all(&month)?;
            let made: usize = child::run(&["make", &records.to_string(), &text(&month)?])?;
            ensure!(made > 0, "the month of {records} records is empty");
        }
        Ok(month)
    }

    fn largest(&self) -> usize {
        self.sizes[2]
    }

    fn repeats(&self) -> &'static str {
        if self.quick { "1" } else { "3" }
    }
}

/// Measures one thing.
type Scenario = fn(&Bench, &mut Section) -> Result<()>;

/// All of them, by name.
const SCENARIOS: [(&str, Scenario); 14] = [
    ("in-memory", in_memory),
    ("pandas", beside_pandas),
    ("close", files_to_files),
    ("months", months),
    ("growth", growth),
    ("replies", chat::replies),
    ("commits", commits),
    ("audited", access::audited),
    ("decisions", access::decisions),
    ("agreement", access::agreement),
    ("checks", access::checks),
    ("doors", access::doors),
    ("lists", access::pages),
    ("reads", access::reads),
];

/// What can be measured alone.
pub fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(SCENARIOS.map(|(name, _)| name))
}

/// Measures everything, or one thing, and writes the report. A scenario that cannot run says why and stops no other; the run
/// fails then.
pub fn run(quick: bool, only: Option<&str>, out: &Path) -> Result<()> {
    let sizes = if quick { [1_000, 10_000, 100_000] } else { [10_000, 100_000, 1_000_000] };
    let bench = Bench { sizes, quick, work: tempfile::tempdir()? };
    let begin = load();
    let mut sections = Vec::new();
    for (name, scenario) in SCENARIOS.into_iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        say(name);
        let mut section = Section::default();
        if let Err(error) = scenario(&bench, &mut section) {
            section.missing = Some(format!("{error:#}"));
            say(&format!("{name}: {error:#}"));
        }
        if section.title.is_empty() {
            section.title = name.to_owned();
        }
        sections.push(section);
    }
    let made_at = Clock::System.now().strftime("%Y-%m-%dT%H:%MZ").to_string();
    let report = Report { made_at, machine: Machine::here(), quick, load: (begin, load()), sections };
    report.write(out)?;
    say(&format!("{} targets missed; see {}", report.missed(), out.join("report.md").display()));
    let failed = report.sections.iter().filter(|section| section.missing.is_some()).count();
    ensure!(failed == 0, "{failed} scenarios could not be measured, or their answers differ");
    Ok(())
}

fn say(what: &str) {
    eprintln!("report: {what}");
}

fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).context("the temporary folder's name is no text")
}

fn in_memory(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "Closing a month in memory",
        "200 people, 20 accounts: duty from rosters, punches and hand-overs, the whole ladder, scores, and the split of a \
         pool. The same functions that the services call, on all cores; reading the files is not in the time. *As written*, \
         most accounts are of dialogues, several at a time, which are not inferred; as *calls*, one at a time, everything \
         that several people could have done is. Best of three.",
        &["", "as written, wall s", "cpu s", "as calls, wall s", "cpu s"],
    );
    let month = text(&bench.month(bench.largest())?)?;
    let close = |work| child::run::<Closed>(&["memory", &month, bench.repeats(), &cores().to_string(), work]);
    let (written, calls) = (close("as-written")?, close("calls")?);
    let ((steps, wall, cpu), (steps_of_calls, wall_of_calls, cpu_of_calls)) = (written.best(), calls.best());
    for (step, of_calls) in steps.iter().zip(steps_of_calls) {
        let figures = [step.wall, step.cpu, of_calls.wall, of_calls.cpu].map(number);
        section.row([step.name.clone()].into_iter().chain(figures));
    }
    let figures = [wall, cpu, wall_of_calls, cpu_of_calls].map(number);
    section.row(["**together**".to_owned()].into_iter().chain(figures));
    for (name, closed) in [("As written", &written), ("As calls", &calls)] {
        let rungs: Vec<String> = closed.rungs.iter().map(|(rung, n)| format!("{rung} {}", number(*n as f64))).collect();
        let walls: Vec<String> = closed.walls().into_iter().map(number).collect();
        section.about += &format!(
            "\n\n{name}: {} records, {} shares, {} people; {}. All repeats: {} s.",
            number(closed.records as f64),
            number(closed.shares as f64),
            closed.people,
            rungs.join(", "),
            walls.join(", "),
        );
    }
    section.at_most("seconds, as calls", wall_of_calls, 4.0, "s");
    section.at_most("half of the cpu seconds, as calls: what two idle cores need", cpu_of_calls / 2.0, 4.0, "s");
    section.at_most("peak of memory, with reading the files", calls.peak_mib.max(written.peak_mib), 1024.0, "MiB");
    Ok(())
}

fn beside_pandas(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "An equal split, beside pandas",
        "The same columns of the same month, read by both: every record goes to the agent that it names, or in equal shares \
         to everybody on duty; then totals with intervals, scores and a split. pandas is written in two ways, in its own words \
         and with the expensive part on numpy's arrays by hand, and uses one core, as it does; Tally is shown on one and on \
         all, and also takes the digests that let anybody replay the month. Best of three.",
        &["", "read s", "compute s", "cpu s", "peak MiB", "shares"],
    );
    let dir = bench.month(bench.largest())?;
    let mut walls = Vec::new();
    for threads in [1, cores()] {
        let closed: Closed = child::run(&["equal", &text(&dir)?, bench.repeats(), &threads.to_string()])?;
        let (_, wall, cpu) = closed.best();
        walls.push((closed.read.wall, wall));
        let name = format!("Tally, {threads} core{}", if threads == 1 { "" } else { "s" });
        let figures = [closed.read.wall, wall, cpu, closed.peak_mib, closed.shares as f64];
        section.row([name].into_iter().chain(figures.map(number)));
    }
    let theirs = pandas::run(&dir, bench.repeats().parse()?)?;
    let quickest = |runs: &[f64]| runs.iter().copied().fold(f64::INFINITY, f64::min);
    let (frames, arrays) = (quickest(&theirs.frames), quickest(&theirs.arrays));
    for (name, seconds) in [("pandas", frames), ("pandas with numpy by hand", arrays)] {
        let figures = [theirs.read, seconds, seconds, theirs.peak_mib, theirs.shares as f64];
        section.row([name.to_owned()].into_iter().chain(figures.map(number)));
    }
    let apart = pandas::compare(&dir, bench.largest())?;
    section.about += &format!(
        "\n\n{}. Totals of {} people {}: they are at most {:.6} records apart (shares are millionths here, floats there).",
        theirs.versions,
        apart.people,
        if apart.agree { "agree" } else { "**do not agree**" },
        apart.most,
    );
    ensure!(apart.agree, "the totals are {:.6} records apart", apart.most);
    let (read, wall) = walls.pop().unwrap_or_default();
    section.at_least("compute, times as fast as pandas, all cores", frames / wall, 5.0, "x");
    section.about += &format!(
        "\n\nTimes as fast as pandas: {} to compute, {} to read and compute; as pandas with numpy by hand: {} to compute.",
        number(frames / wall),
        number((theirs.read + frames) / (read + wall)),
        number(arrays / wall),
    );
    Ok(())
}

fn files_to_files(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "`tally close`, files to files",
        "The program as a user starts it, on the same month: it reads the bundle, starts the whole suite, sends everything \
         through the rpcs, computes, settles, and writes the result folder. Once each. The processor seconds and the memory \
         of the PostgreSQL server are not in the figures of its row.",
        &["", "wall s", "cpu s", "peak MiB"],
    );
    let tally = close::program()?;
    let bundle = bench.month(bench.largest())?.join("bundle");
    let sqlite = close::run(&tally, &bundle, &bench.work.path().join("on-sqlite"), None)?;
    let row = |ran: &Ran, name: &str| [name.to_owned(), number(ran.wall), number(ran.cpu), number(ran.peak_mib)];
    section.row(row(&sqlite, "SQLite"));
    section.at_most("seconds on SQLite", sqlite.wall, 60.0, "s");
    section.at_most("peak of memory on SQLite", sqlite.peak_mib, 1536.0, "MiB");
    section.about += &format!("\n\n{} records.", number(sqlite.records as f64));
    section.about += &steps("SQLite", &sqlite);
    let server = Server::start()?;
    let url = server.create("close")?;
    let postgres = close::run(&tally, &bundle, &bench.work.path().join("on-postgresql"), Some(&url))?;
    section.row(row(&postgres, &server.version()?.replace("pg_ctl (PostgreSQL)", "PostgreSQL")));
    section.about += &steps("PostgreSQL", &postgres);
    let same = sqlite.digest == postgres.digest;
    section.about += &format!("\n\nThe result folders have {} digest.", if same { "the same" } else { "**another**" });
    ensure!(same, "the results differ between SQLite and PostgreSQL");
    Ok(())
}

fn steps(name: &str, ran: &Ran) -> String {
    let inside: f64 = ran.steps.iter().map(|(_, seconds)| seconds).sum();
    let steps: Vec<String> = ran.steps.iter().map(|(step, seconds)| format!("{step} {}", number(*seconds))).collect();
    format!("\n\n{name}: {}; reading, start and stop {} s.", steps.join(", "), number(ran.wall - inside))
}

fn months(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "Several cycles from one attribution, and a correction",
        "The whole suite in one process, everything through its rpcs: a cycle that attributes the month, two more over the same \
         people from its credits; then one late rating, on an account whose two people serve no other and on the largest, and the \
         published cycle corrected, from the call until the result can be looked at. The quickest of three corrections.",
        &[
            "",
            "one cycle s",
            "two more s",
            "three to one",
            "records of the small component",
            "ms",
            "of the large",
            "ms",
        ],
    );
    let dir = text(&bench.month(bench.largest())?)?;
    let server = Server::start()?;
    let url = server.create("months")?;
    for (name, words) in [("SQLite", vec!["months", &dir]), ("PostgreSQL", vec!["months", &dir, &url])] {
        let Months { records, cycles: [one, two, three], small, large, .. } = child::run(&words)?;
        let all = (one + two + three) / one;
        let share = large.component as f64 / records as f64;
        let figures = [
            one,
            two + three,
            all,
            small.component as f64,
            small.seconds * 1_000.0,
            large.component as f64,
            large.seconds * 1_000.0,
        ];
        section.row([name.to_owned()].into_iter().chain(figures.map(number)));
        section.at_most(&format!("three cycles to one, {name}"), all, 1.3, "x");
        section.at_most(&format!("correcting the small component, {name}"), small.seconds * 1_000.0, 100.0, "ms");
        section.at_most(
            &format!("correcting the large one to its share, {name}"),
            large.seconds / (one * share),
            1.5,
            "x",
        );
    }
    Ok(())
}

fn growth(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "Growth",
        "Closing in memory, as calls, by size; 60 people below half a million records, 200 above. The last column \
         is processor time over n log n: no larger at the end than at the beginning means that it grows no faster.",
        &["records", "wall s", "cpu s", "ns of cpu per record", "ns of cpu per n log2 n", "peak MiB"],
    );
    let mut normalised = Vec::new();
    for records in bench.sizes {
        let month = text(&bench.month(records)?)?;
        let closed: Closed = child::run(&["memory", &month, bench.repeats(), &cores().to_string(), "calls"])?;
        let (_, wall, _) = closed.best();
        let sums = closed.runs.iter().map(|run| run.iter().map(|step| step.cpu).sum::<f64>());
        let (cpu, n) = (sums.fold(f64::INFINITY, f64::min), closed.records as f64);
        normalised.push(cpu * 1e9 / (n * n.log2()));
        let per_record = cpu * 1e9 / n;
        let figures = [n, wall, cpu, per_record, cpu * 1e9 / (n * n.log2()), closed.peak_mib];
        section.row(figures.map(number));
    }
    let (first, last) = (normalised[0], normalised[normalised.len() - 1]);
    section.at_most("cost over n log n, largest to smallest", last / first, 1.0, "x");
    Ok(())
}

fn commits(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "Commits",
        "Units of work per second: each writes a row, its audit entry, an event and the result of its request, in one \
         transaction under row-level security, while a sequencer numbers and chains the logs. Beside it, on the same server, \
         pgbench's single-row insert with prepared statements and nothing else. 16 clients each, fsync on; the audit log is \
         verified afterwards.",
        &["synchronous_commit", "units / s", "rows / s", "pgbench / s", "units to pgbench"],
    );
    let (server, seconds) = (Server::start()?, if bench.quick { 2 } else { 8 });
    let script = bench.work.path().join("insert.sql");
    let set = "\\set number random(1, 1000000000)\n";
    fs::write(&script, format!("{set}INSERT INTO plain (number, text) VALUES (:number, 'a short text');\n"))?;
    for on_off in ["on", "off"] {
        let database = format!("commits_{on_off}");
        let url = server.create(&database)?;
        let table = "CREATE TABLE plain (id bigserial PRIMARY KEY, number bigint, text text)";
        server.sql(&database, table)?;
        server.sql("postgres", &format!("ALTER DATABASE {database} SET synchronous_commit = {on_off}"))?;
        let peer = server.pgbench(&database, &script, AT_ONCE, seconds)?;
        let units: Units = child::run(&["commits", &url, &seconds.to_string()])?;
        let again = server.pgbench(&database, &script, AT_ONCE, seconds)?;
        let peer = (peer + again) / 2.0;
        let figures = [units.per_second, units.per_second * 4.0, peer, units.per_second / peer];
        section.row([on_off.to_owned()].into_iter().chain(figures.map(number)));
        ensure!(units.verified > 0, "no unit was committed");
    }
    Ok(())
}
