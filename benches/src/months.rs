//! Several cycles from one attribution, and a correction of one of them, through the rpcs of the whole suite.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tally_api::common::v1 as common;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_bundle::{Bundle, Options, read_bundle};
use tally_rpc::RpcChannel;
use tally_suite::close::{FORM, Home, Place, Ports, clock_of, policy, scheme, secret};
use tally_suite::session::Session;
use tally_import::{self as upload, Ids, Taken};

/// Records of the account that nobody shares with another.
const SMALL: usize = 4_000;
/// Its name, and the unit of the two who serve it.
const ACCOUNT: &str = "jd-small";
/// How often each correction is made; the quickest counts.
const TIMES: u64 = 3;
/// How long the result waits between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// What a child says.
#[derive(Debug, Serialize, Deserialize)]
pub struct Months {
    pub records: usize,
    pub people: usize,
    /// Seconds of attribution and one cycle, of a second and of a third from the same attribution.
    pub cycles: [f64; 3],
    /// Correcting one rating of the small account, and of the largest.
    pub small: Corrected,
    pub large: Corrected,
}

/// One correction.
#[derive(Debug, Serialize, Deserialize)]
pub struct Corrected {
    /// Records of the accounts that share people with the one that is put right.
    pub component: usize,
    /// Seconds from the call until the correction can be looked at.
    pub seconds: f64,
}

/// Sends a bundle's month to a suite on SQLite, or on a PostgreSQL server, and closes it three times from one attribution; then
/// corrects it twice.
#[tokio::main]
pub async fn measure(dir: &Path, url: Option<&str>) -> Result<String> {
    let scratch = tempfile::tempdir()?;
    let (files, data) = (scratch.path().join("bundle"), scratch.path().join("data"));
    with_a_small_account(&dir.join("bundle"), &files)?;
    let bundle = read_bundle(&files, Options::default(), &mut |_, _| ())?.bundle;
    let place = url.map_or(Place::Folder(data), |url| Place::Postgres(url.to_owned()));
    let password = secret();
    let home = Box::pin(Home::start(&place, &bundle, clock_of(&bundle)?, &password, (Ports::default(), FORM))).await?;
    let said = Box::pin(suite(&home, &bundle)).await;
    home.stop().await?;
    Ok(serde_json::to_string(&said?)?)
}

/// The bundle with two people more, and an account that they alone serve.
fn with_a_small_account(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    let unit = {
        let people = fs::read_to_string(to.join("people.csv"))?;
        let row = people.lines().nth(1).context("people.csv has people")?;
        let unit = row.split(',').nth(2).context("people.csv has units")?;
        format!("{}/Small Desk", unit.split('/').next().unwrap_or(unit))
    };
    let mut records = String::new();
    for n in 0..SMALL {
        let (day, minute) = (n % 28 + 1, n / 28);
        let (hour, minute) = (9 + minute * 4 / 60 % 8, minute * 4 % 60);
        let start = format!("2026-03-{day:02} {hour:02}:{minute:02}");
        let rating = 4 + n % 2;
        records += &format!("JD,Small,{ACCOUNT},S{n:06},{start}:00,{start}:50,,chat,20,true,{rating},,\n");
    }
    let mut rosters = String::new();
    for day in 1..=28 {
        for who in ["90001", "90002"] {
            rosters += &format!("{who},{ACCOUNT},2026-03-{day:02} 09:00:00,2026-03-{day:02} 18:00:00\n");
        }
    }
    let people =
        ["90001,Ann Small", "90002,Bo Small"].map(|who| format!("{who},{unit},agent,P1,2024-01-01,\n")).concat();
    let account = format!("JD,Small,{ACCOUNT},shared,1,Asia/Shanghai,{unit},,\n");
    for (file, more) in
        [("people.csv", people), ("accounts.csv", account), ("records.csv", records), ("rosters.csv", rosters)]
    {
        let mut text = fs::read(to.join(file))?;
        text.extend_from_slice(more.as_bytes());
        fs::write(to.join(file), text)?;
    }
    Ok(())
}

async fn suite(home: &Home, bundle: &Bundle) -> Result<Months> {
    let mut taken = Taken::alone();
    let hr = &home.crew.hr;
    let ids = upload::organisation(hr, bundle, &mut taken).await?;
    upload::records(hr, bundle, &ids, &mut taken, |_| ()).await?;
    let (mut cycles, mut run, mut first) = ([0.0; 3], String::new(), pb::Cycle::default());
    for (at, seconds) in cycles.iter_mut().enumerate() {
        let begin = Instant::now();
        let cycle = close(hr, bundle, at, &run).await?;
        *seconds = begin.elapsed().as_secs_f64();
        if at == 0 {
            run.clone_from(&cycle.attribution_run_id);
            first = cycle;
        }
    }
    let people = first.summary.as_ref().map_or(0, |summary| summary.people as usize);
    let ask = pb::PublishCycleRequest { cycle_id: first.cycle_id.clone(), ..Default::default() };
    client(hr).publish_cycle(hr.ask(ask)).await?;
    let mut counts = vec![0_usize; bundle.accounts.len()];
    bundle.records.iter().for_each(|record| counts[record.account.0 as usize] += 1);
    let small = bundle.accounts.iter().position(|account| account.name == ACCOUNT).context("the small account")?;
    let large = (0..counts.len()).max_by_key(|at| counts[*at]).context("there are accounts")?;
    let team = |at: &usize| bundle.accounts[*at].team == bundle.accounts[large].team;
    let of_team = (0..counts.len()).filter(team).map(|at| counts[at]).sum();
    let mut corrected = Vec::new();
    for (at, component) in [(small, counts[small]), (large, of_team)] {
        corrected.push(Corrected { component, seconds: correct(hr, bundle, (&ids, at), &first.cycle_id).await? });
    }
    let [small, large] = corrected.try_into().map_err(|_| anyhow::anyhow!("two were corrected"))?;
    Ok(Months { records: bundle.records.len(), people, cycles, small, large })
}

fn client(hr: &Session) -> CycleServiceClient<RpcChannel> {
    CycleServiceClient::new(hr.at.performance.clone())
}

/// Makes a cycle by a scheme of its own and closes it, from a run that is there or from one that it starts.
async fn close(hr: &Session, bundle: &Bundle, number: usize, run: &str) -> Result<pb::Cycle> {
    let mut scheme = scheme(bundle, FORM)?;
    scheme.name = format!("{} {number}", scheme.name);
    let kpis = scheme.kpis.len();
    scheme.kpis.rotate_left(number % kpis);
    let mut schemes = pb::scheme_service_client::SchemeServiceClient::new(hr.at.performance.clone());
    let ask = pb::CreateSchemeVersionRequest { scheme: Some(scheme), ..Default::default() };
    let scheme = schemes.create_scheme_version(hr.ask(ask)).await?.into_inner().scheme.unwrap_or_default();
    let period = common::Period { from: bundle.period.from.to_string(), to: bundle.period.to.to_string() };
    let cycle = pb::Cycle {
        name: format!("cycle {number}"),
        period: Some(period),
        scheme_id: scheme.scheme_id,
        scheme_version: scheme.version,
        policy: Some(policy(bundle, FORM)),
        ..Default::default()
    };
    let ask = pb::CreateCycleRequest { cycle: Some(cycle), ..Default::default() };
    let cycle_id = client(hr).create_cycle(hr.ask(ask)).await?.into_inner().cycle.unwrap_or_default().cycle_id;
    let attribution_run_id = run.to_owned();
    let ask = pb::CloseCycleRequest { cycle_id: cycle_id.clone(), attribution_run_id, ..Default::default() };
    client(hr).close_cycle(hr.ask(ask)).await?;
    reviewable(hr, &cycle_id).await
}

async fn reviewable(hr: &Session, cycle_id: &str) -> Result<pb::Cycle> {
    loop {
        let ask = pb::GetCycleRequest { cycle_id: cycle_id.to_owned() };
        let cycle = client(hr).get_cycle(hr.ask(ask)).await?.into_inner().cycle.unwrap_or_default();
        if cycle.state() == pb::CycleState::Reviewable {
            return Ok(cycle);
        }
        ensure!(cycle.state() != pb::CycleState::Failed, "{}", cycle.failure);
        tokio::time::sleep(LOOK).await;
    }
}

/// Changes one rating of an account, corrects the cycle, and waits; the quickest of several times.
async fn correct(hr: &Session, bundle: &Bundle, (ids, account): (&Ids, usize), cycle_id: &str) -> Result<f64> {
    let is_rated = |at: &usize| {
        let record = &bundle.records[*at];
        record.account.0 as usize == account && record.rating.is_some()
    };
    let row = (0..bundle.records.len()).find(is_rated).context("the account has ratings")?;
    let mut quickest = f64::INFINITY;
    for time in 1..=TIMES {
        let rating = if time % 2 == 1 { 1_000 } else { 5_000 };
        let sent = upload::record(bundle, row)?;
        let sent = pb::Record { rating_milli: Some(rating), revision: time, ..sent };
        let (unit_id, region) = ids.places[account].clone();
        let account_id = ids.accounts[account].clone();
        let ask = pb::ImportRecordsRequest { account_id, region, unit_id, rows: vec![sent], ..Default::default() };
        let mut records = pb::record_service_client::RecordServiceClient::new(hr.at.performance.clone());
        let imported = records.import_records(hr.ask(ask)).await?.into_inner();
        ensure!(!imported.touched.is_empty(), "the rating was taken");
        let begin = Instant::now();
        let reason = "a rating came late".to_owned();
        let ask = pb::CorrectCycleRequest { cycle_id: cycle_id.to_owned(), reason, ..Default::default() };
        let correction = client(hr).correct_cycle(hr.ask(ask)).await?.into_inner().cycle.unwrap_or_default();
        reviewable(hr, &correction.cycle_id).await?;
        quickest = quickest.min(begin.elapsed().as_secs_f64());
    }
    Ok(quickest)
}
