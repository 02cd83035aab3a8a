//! `tally demo`: the main job on a made-up group, of which it is known who really served each record.

mod branches;
mod managers;
mod right;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tally_bundle::sheet::Csv;
use tally_bundle::{Bundle, Options, Reading, Unusable};
use tally_kernel::{Clock, Message, msg};
use tally_runtime::{Boot, Compute, Config, ConfigError, Running, Trigger, stop_signal};
use tokio::net::TcpListener;

use self::branches::Story;
use super::close::read;
use super::users::{self, User};
use crate::cli::{DONE, Demo, Language};
use crate::close::{CloseOutcome, Crew, FORM, Home, Job, Place, Ports, Rejections, clock_of, close as job, secret};
use crate::print;
use crate::progress::Progress;
use crate::said::{Said, here, no_temporary};
use crate::sample::{Lang, Sample, sample};
use crate::show::{self, Page};
use crate::suite::{self, Ambient, SERVICES};
use crate::unfinished::clear;

/// The group that `tally serve --sample` begins with.
const SEED: u64 = 7;
const RECORDS: u64 = 20_000;
/// How long after its month was closed something of it is put right, by the group's clock.
const LATER: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// Makes the group, does the job, tells about it, and serves the group until a stop signal.
pub async fn demo(args: Demo) -> Result<u8> {
    let lang = Language::spoken();
    let progress = Progress::new(args.json, lang);
    let ports = if args.once {
        Ports::default()
    } else {
        Ports { grpc: Some(bind(args.listen, "--listen").await?), http: Some(bind(args.http, "--http").await?) }
    };
    let bound = |listener: &Option<TcpListener>| listener.as_ref().and_then(|it| it.local_addr().ok());
    let at = bound(&ports.grpc).zip(bound(&ports.http));
    let scratch = tempfile::tempdir().map_err(no_temporary)?;
    let folder = args.bundle.clone().unwrap_or_else(|| scratch.path().join("bundle"));
    let month = Month::make(&folder, (args.seed, args.records), lang, &progress).await?;
    let (bundle, password) = (&month.reading.bundle, secret());
    let place = Place::Folder(scratch.path().join("data"));
    let home = Box::pin(Home::start(&place, bundle, clock_of(bundle)?, &password, (ports, FORM))).await?;
    let crew = home.crew.clone().speaking(lang.tag());
    let out = scratch.path().join("result");
    let outcome = Box::pin(month.close(&crew, &out, &progress)).await?;
    if args.json {
        print::text(&(serde_json::to_string_pretty(&outcome.summary)? + "\n"));
    } else {
        show::summary(bundle, &outcome, lang);
        print::text(&month.more(&crew, &outcome, &out, lang).await?);
    }
    let story = Story { crew: &crew, bundle, outcome: &outcome, password: &password, lang, progress: &progress };
    let branch_hr = Box::pin(tell(&story, &home.clock, args.json)).await?;
    let Some(at) = at else {
        if !args.json {
            print::text(&next(&args));
        }
        return home.stop().await.map(|()| DONE);
    };
    let mut named = users::named(&crew, bundle, &outcome, &password).await?;
    named.extend(branch_hr);
    serve(&home, &named, (&password, at), args.json).await?;
    home.stop().await?;
    Ok(DONE)
}

/// A made-up month: as a bundle that was read, and the truth about it.
struct Month {
    sample: Sample,
    reading: Reading,
}

impl Month {
    async fn make(folder: &Path, (seed, records): (u64, u64), lang: Language, progress: &Progress) -> Result<Self> {
        let shown = folder.display();
        std::fs::create_dir_all(folder)
            .map_err(|error| Said(msg!("CANNOT_MAKE_FOLDER", folder = shown, error = tally_i18n::io(&error))))?;
        let mut entries = folder
            .read_dir()
            .map_err(|error| Said(msg!("CANNOT_READ", file = shown, error = tally_i18n::io(&error))))?;
        if entries.next().is_some() {
            let (problem, cure) = (msg!("BUNDLE_NOT_EMPTY"), msg!("BUNDLE_NOT_EMPTY_CURE"));
            return Err(Unusable::new("BUNDLE_NOT_EMPTY", folder.display().to_string(), problem, cure).into());
        }
        let made = make(seed, records, names_of(lang), progress).await?;
        made.write_bundle(folder)
            .map_err(|error| Said(msg!("CANNOT_WRITE_TO", folder = shown, error = tally_i18n::io(&error))))?;
        let reading = read(folder, Options::default(), progress)?;
        Ok(Self { sample: made, reading })
    }

    async fn close(&self, crew: &Crew, out: &Path, progress: &Progress) -> Result<CloseOutcome> {
        clear(out)?;
        let (reading, rejected_before, out) = (&self.reading, Rejections::new(), out.to_owned());
        job(crew, Job { reading, rejected_before, out, form: FORM, csv: Csv::ForPeople, progress }).await
    }

    /// What only the demo can tell: how far from the truth the result is, and what talent made of it.
    async fn more(&self, crew: &Crew, outcome: &CloseOutcome, out: &Path, lang: Language) -> Result<String> {
        let mut page = show::page();
        self.truth(&mut page, outcome, out, lang)?;
        talent(&mut page, crew, &self.reading.bundle, outcome, lang).await?;
        Ok(format!("\n{}", page.finish()))
    }

    fn truth(&self, page: &mut Page, outcome: &CloseOutcome, out: &Path, lang: Language) -> Result<()> {
        let truth = show::truth(&self.reading.bundle, &outcome.totals, out, |id| self.sample.served_by(id))?;
        let all = truth.records * 1_000_000;
        page.heading(&lang.say(&msg!("DEMO_TRUTH")));
        let mut table = show::Table::new("<>>");
        table.row([String::new(), lang.say(&msg!("DEMO_RIGHT")), lang.say(&msg!("DEMO_WRONG"))]);
        for (name, hits) in [(msg!("DEMO_EQUALLY"), truth.equal), (msg!("DEMO_AS_TALLY"), truth.tally)] {
            table.row([lang.say(&name), show::percent(hits.reached_ppm, all), show::percent(hits.lacking_ppm, all)]);
        }
        let records = show::count(truth.records);
        page.say(2, &lang.say(&msg!("DEMO_TRUTH_SAID", records)));
        page.table(2, &table);
        let (holding, totals) = (show::percent(truth.holding, truth.totals), truth.totals);
        page.say(2, &lang.say(&msg!("DEMO_INTERVALS", holding, totals)));
        page.say(2, &lang.say(&msg!("DEMO_RUNGS_SAID")));
        page.table(2, &show::won(&truth, lang));
        Ok(())
    }
}

fn names_of(lang: Language) -> Lang {
    match lang {
        Language::ZhCn | Language::ZhTw => Lang::ZhCn,
        _ => Lang::En,
    }
}

/// Makes the sample beside the bar that says so.
async fn make(seed: u64, records: u64, lang: Lang, progress: &Progress) -> Result<Sample> {
    let records = usize::try_from(records)?;
    let mut work = tokio::task::spawn_blocking(move || sample(seed, records, lang));
    let bar = progress.bar(&msg!("PROGRESS_MAKING"), 0);
    loop {
        tokio::select! {
            made = &mut work => {
                bar.done();
                return made.context("the sample could not be made");
            }
            () = tokio::time::sleep(Duration::from_millis(200)) => bar.set(0),
        }
    }
}

/// What a published cycle left on the profiles of those the summary tells about. Talent works at its own pace.
async fn talent(page: &mut Page, crew: &Crew, bundle: &Bundle, outcome: &CloseOutcome, lang: Language) -> Result<()> {
    page.heading(&lang.say(&msg!("DEMO_SKILLS")));
    for person in show::spotlight(outcome) {
        let who = bundle.person(person);
        let Some(profile) = users::profile(crew, &outcome.ids.people[person.0 as usize]).await? else {
            let late = lang.say(&msg!("DEMO_LATE"));
            page.say(2, &format!("{} {}: {late}", who.name, who.employee_no));
            continue;
        };
        let (accounts, platforms) = (profile.accounts.join(", "), profile.platforms.join(", "));
        let points = if profile.collaboration.is_empty() { "0" } else { profile.collaboration.as_str() };
        let (name, number) = (&who.name, &who.employee_no);
        let said = msg!("DEMO_PROFILE", name, number, accounts, platforms, points);
        page.item(2, "- ", &lang.say(&said));
    }
    Ok(())
}

/// What branches, managers and a correction add to the group's month; with --json it is done and not told.
async fn tell(story: &Story<'_>, clock: &Clock, json: bool) -> Result<Vec<User>> {
    let mut page = show::page();
    let (branches, users) = Box::pin(story.branches(&mut page)).await?;
    Box::pin(story.managers(&mut page)).await?;
    // What is put right comes after the month was closed: whoever replays it is told what was known then.
    clock.advance(LATER);
    Box::pin(story.put_right(&mut page, &branches)).await?;
    if !json {
        print::text(&format!("\n{}", page.finish()));
    }
    Ok(users)
}

/// How to go on with one's own files.
fn next(args: &Demo) -> String {
    let mut page = show::page();
    let spoken = Language::spoken();
    let say = |message: Message| spoken.say(&message);
    page.heading(&say(msg!("DEMO_NEXT")));
    let mut table = show::Table::new("<<");
    let lang = if spoken == Language::of_system() { String::new() } else { format!(" --lang {}", spoken.tag()) };
    let tally = program();
    match &args.bundle {
        Some(folder) => {
            let folder = folder.display();
            table.row([format!("{tally} close {folder} --out result{lang}"), say(msg!("DEMO_AGAIN"))]);
        }
        None => {
            table.row([format!("{tally} demo --once --bundle my-month{lang}"), say(msg!("DEMO_COPY"))]);
            table.row([format!("{tally} close my-month --out result{lang}"), say(msg!("DEMO_OWN_MONTH"))]);
        }
    }

    let folder = args.bundle.as_deref().unwrap_or(Path::new("my-month")).display();
    table.row([format!("{tally} close {folder} --out again --explain 10023{lang}"), say(msg!("DEMO_WHY"))]);
    table.row([format!("{tally} replay result"), say(msg!("DEMO_REPLAY"))]);
    page.table(2, &table);
    format!("\n{}", page.finish())
}

/// What to type for this program: the path it was started by.
fn program() -> String {
    std::env::args().next().filter(|name| !name.is_empty()).unwrap_or_else(|| "tally".to_owned())
}

/// Keeps the group open to callers, its clock running on, until a stop signal.
async fn serve(home: &Home, named: &[User], (password, at): (&str, Addresses), json: bool) -> Result<()> {
    let clock = tokio::spawn(run_on(home.clock.clone()));
    let mut page = show::page();
    doors(&mut page, named, password, at, Language::spoken());
    let text = format!("\n{}", page.finish());
    // With --json the standard output holds the summary and nothing else.
    if json {
        print::aside(&text)
    } else {
        print::text(&text)
    }
    stop_signal().await;
    clock.abort();
    Ok(())
}

/// Moves a standing clock on as time goes by.
async fn run_on(clock: Clock) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = Instant::now();
        let passed = jiff::SignedDuration::try_from(now - last).unwrap_or_default();
        clock.advance(jiff::SignedDuration::from_millis(i64::try_from(passed.as_millis()).unwrap_or(0)));
        last += Duration::from_millis(u64::try_from(passed.as_millis()).unwrap_or(0));
    }
}

/// Where programs call, and where browsers do.
type Addresses = (SocketAddr, SocketAddr);

/// Addresses, users and how to sign in.
fn doors(page: &mut Page, named: &[User], password: &str, (grpc, http): Addresses, lang: Language) {
    page.heading(&lang.say(&msg!("DEMO_CONSOLE", address = http)));
    page.say(2, &lang.say(&msg!("DEMO_PASSWORD", password)));
    page.table(2, &logins(named, lang));
    let first = |role: &str| named.iter().find(|user| user.role == role).map(|user| user.login.as_str());
    if let (Some(agent), Some(supervisor)) = (first("agent"), first("supervisor")) {
        page.say(2, &lang.say(&msg!("DEMO_FIRST", agent, supervisor)));
    }
    let command = format!("echo {password} | {} login hr --server http://{grpc}", program());
    page.say(2, &lang.say(&msg!("DEMO_TOKEN", command)));
    page.say(2, &lang.say(&msg!("DEMO_HTTP", address = http)));
    page.say(2, &lang.say(&msg!("DEMO_GRPC", address = grpc)));
    page.say(2, &lang.say(&msg!("DEMO_CLOCK")));
}

fn logins(named: &[User], lang: Language) -> show::Table {
    let mut table = show::Table::new("<<<");
    for user in users::crew(lang).iter().chain(named) {
        table.row([user.login.as_str(), user.role, user.about.as_str()]);
    }
    table
}

async fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    Ok(bound.map_err(|error| Said(msg!("CANNOT_LISTEN", address, flag, error = tally_i18n::io(&error))))?)
}

/// Puts the sample group into an empty store, with a closed month and users; a store that holds a group is left alone.
///
/// # Errors
/// Services missing in this process, or whatever the job could not do.
pub async fn fill(config: &Config) -> Result<()> {
    if let Some(missing) = SERVICES.iter().find(|part| !config.server.services.iter().any(|name| name == part.name)) {
        let message = msg!("SAMPLE_NEEDS_ALL", name = missing.name);
        return Err(ConfigError { key: "server.services".to_owned(), message }.into());
    }
    let trigger = Trigger::new();
    let boot = Boot {
        address: config.server.listen,
        http: None,
        cache: tally_cache::Cache::memory(),
        compute: Compute::new(config.compute.threads)?,
        shutdown: trigger.shutdown(),
    };
    // Its month is one that was, however long ago that is.
    let ambient = Ambient { keeps_all: true, ..Ambient::default() };
    let suite = suite::build(config, &boot, &ambient).await?;
    let running = Running::start(None, None, suite.mounted, trigger).await;
    let filled = Box::pin(fill_suite(&suite.channels)).await;
    for store in &suite.stores {
        store.sequence_now().await?;
    }
    running.stop(Duration::ZERO, Duration::from_secs(10)).await;
    filled
}

async fn fill_suite(at: &crate::session::Channels) -> Result<()> {
    let lang = Language::spoken();
    let progress = Progress::new(false, lang);
    let scratch = tempfile::tempdir().map_err(no_temporary)?;
    let path = |name: &str| -> PathBuf { scratch.path().join(name) };
    let month = Month::make(&path("bundle"), (SEED, RECORDS), lang, &progress).await?;
    let (bundle, password) = (&month.reading.bundle, secret());
    let crew = match Crew::hire(at, bundle, &password).await {
        Ok(crew) => crew.speaking(lang.tag()),
        Err(error) if users::initialised(&error) => {
            print::note(here(&msg!("SAMPLE_SKIPPED")));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let outcome = month.close(&crew, &path("result"), &progress).await?;
    let mut named = users::named(&crew, bundle, &outcome, &password).await?;
    let story = Story { crew: &crew, bundle, outcome: &outcome, password: &password, lang, progress: &progress };
    named.extend(Box::pin(tell(&story, &Clock::System, true)).await?);
    print::text(&filled(&named, &password, lang));
    Ok(())
}

/// Who can sign in to the store that was filled, and with what.
fn filled(named: &[User], password: &str, lang: Language) -> String {
    let mut page = show::page();
    page.say(0, &lang.say(&msg!("SAMPLE_FILLED", password)));
    page.table(2, &logins(named, lang));
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_sign_in_to_a_sample_is_told_in_the_readers_language() {
        let named = [User { login: "10027".to_owned(), role: "agent", about: "赵欣怡，客服一组".to_owned() }];
        let told = filled(&named, "secret", Language::ZhCn);
        // Names that are typed or granted are the same in every language.
        let same =
            ["secret", "admin", "hr", "payroll", "approver", "payer", "auditor", "agent", "group_admin", "group_hr"];
        let words = told.split(|c: char| !c.is_ascii_alphabetic() && c != '_').filter(|word| !word.is_empty());
        let english: Vec<&str> =
            words.filter(|word| !same.contains(word) && *word != "compensation_specialist").collect();
        assert_eq!(english, [""; 0], "{told}");
        assert!(told.contains("审批他人编制的结算") && told.contains("赵欣怡"), "{told}");
        assert!(filled(&[], "secret", Language::En).contains("approves what somebody else prepared"));
    }
}
