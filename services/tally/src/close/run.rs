//! The job from reading to files, step by step.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tally_api::common::v1 as common;
use tally_api::compensation::v1::Statement;
use tally_api::performance::v1 as performance;
use tally_app::convert::employment_kind_message;
use tally_bundle::sheet::Csv;
use tally_bundle::{Bundle, FileDigest, PersonIx, Reading, Unusable, write_normalised};
use tally_kernel::message::Arg;
use tally_kernel::{Locale, Message, msg};

use super::crew::Crew;
use super::results::{AccountEvidence, Counts, PersonTotal, Results, rejected};
use super::settle::{self, Settled};
use super::summary::{self, Manifest, NotDone, NotSettled, Rejections, Summary, Timings, Versions};
use crate::progress::Progress;
use crate::said::{Said, StepFailed, told};
use crate::session::Session;
use tally_import::{self as upload, Ids, Taken};

/// The reason of a cycle in which every record is credited to nobody.
const NOBODY_CREDITED: &str = "NOBODY_CREDITED";
/// The reason of a cycle with an amount that nothing converts.
const RATE_MISSING: &str = "RECORD_RATE_MISSING";

/// What to do with a bundle that was read.
#[derive(Clone)]
pub struct Job<'a> {
    /// The bundle and what was rejected of it.
    pub reading: &'a Reading,
    /// Rows rejected by an earlier reading, when a result folder is replayed from its normalised inputs.
    pub rejected_before: Rejections,
    /// Where the files go; must be there and empty.
    pub out: PathBuf,
    /// The form of the result folder; [`FORM`](super::FORM) but for the replay of an older one.
    pub form: u32,
    /// Who the CSV files are for.
    pub csv: Csv,
    /// Tells how far it is.
    pub progress: &'a Progress,
}

/// What came of it.
pub struct CloseOutcome {
    /// The result in figures.
    pub summary: Summary,
    /// Seconds per step.
    pub timings: Timings,
    /// The cycle.
    pub cycle_id: String,
    /// Ids of people and accounts.
    pub ids: Ids,
    /// Everybody's totals, by employee number and account; the one over all accounts first.
    pub totals: Vec<PersonTotal>,
    /// What more evidence would bring to the accounts that have anything in doubt.
    pub evidence: Vec<AccountEvidence>,
    /// Everybody's score card, best first.
    pub cards: Vec<(PersonIx, performance::Card)>,
    /// Everybody's statement, by employee number; none without a pool.
    pub statements: Vec<(PersonIx, Statement)>,
    /// The settlement's id, where there is a pool.
    pub settlement_id: Option<String>,
}

/// When the suite's clock stands during a job: noon UTC on the day after the period, whatever the day is.
pub fn clock_of(bundle: &Bundle) -> Result<Timestamp> {
    let next = bundle.period.to.tomorrow().context("the period ends at the end of time")?;
    Ok(next.at(12, 0, 0, 0).to_zoned(TimeZone::UTC)?.timestamp())
}

/// Does the job in a suite that holds nothing yet.
///
/// # Errors
/// [`RowsRefused`](crate::said::RowsRefused) for rows that only the suite refuses, before anything is computed;
/// [`close_alone`](super::close_alone) goes on without them. Or the step that failed.
pub async fn close(crew: &Crew, job: Job<'_>) -> Result<CloseOutcome> {
    let bundle = &job.reading.bundle;
    let mut steps = Steps::new();
    // What is known is written before the next step begins: whatever fails later takes nothing of it away.
    let locale = crew.auditor.locale();
    rejected(&job.out, &job.reading.rejected, job.csv, locale)?;
    let mut taken = Taken::alone();
    let ids = steps.time("people, accounts, duty", upload::organisation(&crew.hr, bundle, &mut taken)).await?;
    let bar = job.progress.bar(&msg!("STEP_RECORDS"), bundle.records.len() as u64);
    steps.time("records", upload::records(&crew.hr, bundle, &ids, &mut taken, |done| bar.set(done))).await?;
    bar.done();
    if !bundle.replies.is_empty() {
        let bar = job.progress.bar(&msg!("STEP_REPLIES"), bundle.replies.len() as u64);
        steps.time("replies", upload::replies(&crew.hr, bundle, &ids, &mut taken, |done| bar.set(done))).await?;
        bar.done();
    }
    if !bundle.claims.is_empty() {
        steps.time("claims", upload::claims(&crew.hr, bundle, &ids, &mut taken)).await?;
    }
    if !bundle.rates.is_empty() {
        steps.time("rates", upload::rates(&crew.hr, bundle, &mut taken)).await?;
    }
    if !bundle.observations.is_empty() {
        steps.time("observations", upload::observations(&crew.hr, bundle, &ids, &mut taken)).await?;
    }
    // After the suite has taken all of it: the rows of the inputs are those that were worked on.
    let inputs = steps.now("inputs", || write_normalised(bundle, &job.out.join("inputs"), locale).context("inputs"))?;
    // On the heap, as what reads and pays: together they are the larger part of the job.
    let cycle = steps.time("attribution and scores", Box::pin(cycle(&crew.hr, &job, &ids))).await?;
    let mut results = Results::new(&job.out, bundle, &ids, (job.csv, job.form));
    if cycle.state() == performance::CycleState::Failed {
        // What was noticed says why; that it could not be written would hide it.
        let _told = results.findings(&crew.auditor, &cycle.cycle_id, None).await;
        return Err(StepFailed::new("attribution and scores", failed(job.reading, &cycle)).into());
    }
    let published = steps.time("publishing", publish(&crew.hr, &cycle.cycle_id)).await.map(drop);
    let files = Files { crew, job: &job, cycle: &cycle };
    let mut scored = Box::pin(files.scored(&mut results, &mut steps)).await?;
    let paid = Box::pin(files.paid(published, &mut results, &mut scored, &mut steps)).await;
    let summary = files.finish(results, &scored, &paid, inputs)?;
    let timings = steps.finish();
    summary::write(&job.out, "timings.json", &timings)?;
    let (Scored { totals, evidence, cards, .. }, statements) = (scored, paid.statements);
    let settlement_id = paid.settled.map(|s| s.settlement_id);
    let cycle_id = cycle.cycle_id;
    Ok(CloseOutcome { summary, timings, cycle_id, ids, totals, evidence, cards, statements, settlement_id })
}

/// Makes the cycle, closes it and waits.
async fn cycle(hr: &Session, job: &Job<'_>, ids: &Ids) -> Result<performance::Cycle> {
    let bundle = &job.reading.bundle;
    let mut schemes = performance::scheme_service_client::SchemeServiceClient::new(hr.at.performance.clone());
    let scheme = Some(settle::scheme(bundle, job.form)?);
    let ask = performance::CreateSchemeVersionRequest { scheme, ..Default::default() };
    let scheme =
        schemes.create_scheme_version(hr.ask(ask)).await.map_err(told)?.into_inner().scheme.unwrap_or_default();
    let cycle = performance::Cycle {
        name: format!("{} to {}", bundle.period.from, bundle.period.to),
        period: Some(common::Period { from: bundle.period.from.to_string(), to: bundle.period.to.to_string() }),
        scheme_id: scheme.scheme_id,
        scheme_version: scheme.version,
        policy: Some(settle::policy(bundle, job.form)),
        population: population(hr, bundle, ids).await?,
        ..Default::default()
    };
    let mut client = performance::cycle_service_client::CycleServiceClient::new(hr.at.performance.clone());
    let ask = performance::CreateCycleRequest { cycle: Some(cycle), ..Default::default() };
    let cycle = client.create_cycle(hr.ask(ask)).await.map_err(told)?.into_inner().cycle.unwrap_or_default();
    let cycle_id = cycle.cycle_id;
    let ask = performance::CloseCycleRequest { cycle_id: cycle_id.clone(), ..Default::default() };
    client.close_cycle(hr.ask(ask)).await.map_err(told)?;
    watch(hr, &cycle_id, job.progress).await
}

/// Who is in the cycle, where scheme.yaml says it.
async fn population(hr: &Session, bundle: &Bundle, ids: &Ids) -> Result<Option<performance::Population>> {
    let Some(said) = &bundle.scheme.population else { return Ok(None) };
    let units = if said.units.is_empty() { BTreeMap::new() } else { upload::unit_ids(hr).await? };
    let people = |numbers: &[String]| {
        let places = numbers.iter().filter_map(|number| bundle.find_person(number));
        places.map(|person| ids.people[person.0 as usize].clone()).collect()
    };
    let kinds = said.employment_kinds.iter().map(|kind| employment_kind_message(Some(*kind)).into());
    Ok(Some(performance::Population {
        unit_ids: said.units.iter().filter_map(|path| units.get(path).cloned()).collect(),
        positions: said.positions.clone(),
        grades: said.grades.clone(),
        include_person_ids: people(&said.include),
        exclude_person_ids: people(&said.exclude),
        as_of: said.as_of.map(|day| day.to_string()).unwrap_or_default(),
        employment_kinds: kinds.collect(),
    }))
}

/// What was scored is shown to people and may be paid for.
pub async fn publish(hr: &Session, cycle_id: &str) -> Result<performance::Cycle> {
    let mut client = performance::cycle_service_client::CycleServiceClient::new(hr.at.performance.clone());
    let ask = performance::PublishCycleRequest { cycle_id: cycle_id.to_owned(), ..Default::default() };
    Ok(client.publish_cycle(hr.ask(ask)).await.map_err(told)?.into_inner().cycle.unwrap_or_default())
}

/// Why a cycle could not be closed.
fn failed(reading: &Reading, cycle: &performance::Cycle) -> anyhow::Error {
    match cycle.failure_reason.as_str() {
        NOBODY_CREDITED => uncredited(reading).into(),
        RATE_MISSING => {
            let problem = Message::told(&cycle.failure);
            Unusable::new(RATE_MISSING, "records.csv", problem, msg!("RECORD_RATE_MISSING_CURE")).into()
        }
        _ => anyhow!("{}", cycle.failure),
    }
}

/// Why no record was credited to anybody, as far as the bundle tells: nobody is employed then, rows were rejected, or nobody
/// was on duty.
fn uncredited(reading: &Reading) -> Unusable {
    let Bundle { people, period, .. } = &reading.bundle;
    let rejected = |files: &[&str]| files.iter().filter_map(|file| reading.rejected_rows.get(file)).sum::<u64>();
    let (of_people, of_duty) = (rejected(&["people.csv"]), rejected(&["rosters.csv", "punches.csv", "handovers.csv"]));
    let employed = people.iter().any(|p| p.employments.iter().any(|e| e.holds(period.from, period.to)));
    let (file, problem, cure) = if !employed {
        let (people, from, to) = (people.len(), period.from, period.to);
        let problem = msg!("NOBODY_EMPLOYED", people, from, to, rejected = of_people);
        ("people.csv", problem, msg!("NOBODY_EMPLOYED_CURE"))
    } else if of_people > 0 {
        ("people.csv", msg!("NOBODY_CREDITED_AT_ALL.people", rows = of_people), msg!("NOBODY_CREDITED_CURE.rejected"))
    } else if of_duty > 0 {
        ("records.csv", msg!("NOBODY_CREDITED_AT_ALL.duty", rows = of_duty), msg!("NOBODY_CREDITED_CURE.rejected"))
    } else {
        ("records.csv", msg!("NOBODY_CREDITED_AT_ALL"), msg!("NOBODY_CREDITED_CURE"))
    };
    Unusable::new(NOBODY_CREDITED, file, problem, cure)
}

/// Follows the work until it rests, and gives the cycle with its result or why it has none.
pub async fn watch(hr: &Session, cycle_id: &str, progress: &Progress) -> Result<performance::Cycle> {
    let mut client = performance::cycle_service_client::CycleServiceClient::new(hr.at.performance.clone());
    let ask = performance::WatchCycleRequest { cycle_id: cycle_id.to_owned() };
    let mut stream = client.watch_cycle(hr.ask(ask)).await.map_err(told)?.into_inner();
    let bar = progress.bar(&msg!("STEP_CYCLE"), 0);
    while let Some(news) = stream.message().await.map_err(told)? {
        let cycle = news.cycle.unwrap_or_default();
        bar.of(u64::from(cycle.done), u64::from(cycle.total), &cycle.step);
        match cycle.state() {
            performance::CycleState::Reviewable | performance::CycleState::Failed => {
                bar.done();
                return Ok(cycle);
            }
            performance::CycleState::Open
            | performance::CycleState::Closing
            | performance::CycleState::Published
            | performance::CycleState::Unspecified => {}
        }
    }
    Err(Said(msg!("CYCLE_WATCH_ENDED")).into())
}

/// Everything that is needed to write the result folder.
struct Files<'a> {
    crew: &'a Crew,
    job: &'a Job<'a>,
    cycle: &'a performance::Cycle,
}

/// What is there before any money is split.
struct Scored {
    counts: Counts,
    totals: Vec<PersonTotal>,
    evidence: Vec<AccountEvidence>,
    cards: Vec<(PersonIx, performance::Card)>,
    findings: BTreeMap<String, u64>,
}

/// What came of the pool.
#[derive(Default)]
struct Paid {
    settled: Option<Settled>,
    refused: Option<NotSettled>,
    statements: Vec<(PersonIx, Statement)>,
    not_done: Vec<NotDone>,
}

impl Paid {
    fn undone(&mut self, step: &str, error: &anyhow::Error, locale: Locale) {
        self.not_done.push(NotDone { step: step.to_owned(), why: settle::why(error, locale) });
    }
}

impl Files<'_> {
    /// Credits, totals, cards and findings.
    async fn scored(&self, results: &mut Results<'_>, steps: &mut Steps) -> Result<Scored> {
        let (bundle, reader) = (&self.job.reading.bundle, &self.crew.auditor);
        let cycle_id = self.cycle.cycle_id.as_str();
        let bar = self.job.progress.bar(&msg!("STEP_CREDITS"), bundle.records.len() as u64);
        let counts = steps.time("credits", results.credits(reader, cycle_id, |done| bar.set(done))).await?;
        bar.done();
        let totals = steps.time("totals", results.attribution(reader, cycle_id)).await?;
        let evidence = results.evidence(reader, cycle_id).await?;
        let cards = steps.time("score cards", results.cards(reader, cycle_id)).await?;
        let findings = steps.time("findings", results.findings(reader, cycle_id, None)).await?;
        Ok(Scored { counts, totals, evidence, cards, findings })
    }

    /// Settlement and statements. What cannot be done takes nothing away of what was scored: the reason is in the summary,
    /// and that of a pool that cannot be split is a finding.
    async fn paid(
        &self,
        published: Result<()>,
        results: &mut Results<'_>,
        scored: &mut Scored,
        steps: &mut Steps,
    ) -> Paid {
        let (reader, cycle_id) = (&self.crew.auditor, self.cycle.cycle_id.as_str());
        let mut paid = Paid::default();
        let pool = self.job.reading.bundle.pool.as_ref();
        if let Some(unscored) = unscored(&self.job.reading.bundle, &scored.cards) {
            paid.undone("score cards", &unscored.into(), reader.locale());
        }
        if let Err(error) = &published {
            paid.undone("publishing", error, reader.locale());
            paid.refused = pool.map(|_| settle::why(error, reader.locale()));
        } else if let Some(pool) = pool {
            match steps.time("settlement", settle::settle(self.crew, cycle_id, pool)).await {
                Ok(settled) => paid.settled = Some(settled),
                Err(error) => paid.refused = Some(settle::why(&error, reader.locale())),
            }
        }
        let settlement_id = paid.settled.as_ref().map(|s| s.settlement_id.as_str());
        match steps.time("statements", results.statements(reader, settlement_id)).await {
            Ok(statements) => paid.statements = statements,
            Err(error) => paid.undone("statements", &error, reader.locale()),
        }
        if let Some(refused) = &paid.refused {
            match results.findings(reader, cycle_id, Some(refused)).await {
                Ok(findings) => scored.findings = findings,
                Err(error) => paid.undone("findings", &error, reader.locale()),
            }
        }
        paid
    }

    /// `summary.json` and `manifest.json`.
    fn finish(
        &self,
        mut results: Results<'_>,
        scored: &Scored,
        paid: &Paid,
        inputs: Vec<FileDigest>,
    ) -> Result<Summary> {
        results.digests.sort_by(|a, b| a.file.cmp(&b.file));
        let digest = summary::digest(&results.digests);
        let summary = self.summary(scored, paid, digest.clone())?;
        summary::write(&self.job.out, "summary.json", &summary)?;
        let versions = summary.versions.clone();
        let (language, rejected) = (self.crew.auditor.language().to_owned(), self.rejections());
        let (form, csv, results) = (self.job.form, self.job.csv, results.digests);
        let manifest = Manifest { versions, language, form, csv, inputs, rejected, results, digest };
        summary::write(&self.job.out, "manifest.json", &manifest)?;
        Ok(summary)
    }

    fn summary(&self, scored: &Scored, paid: &Paid, digest: String) -> Result<Summary> {
        let (bundle, counts) = (&self.job.reading.bundle, &scored.counts);
        let known = self.cycle.summary.clone().unwrap_or_default();
        let records = counts.credited + counts.unattributed;
        // Refunds lessen amounts, and nobody is credited with them.
        let sent = bundle.records.iter().filter(|record| record.refers_to.is_none()).count();
        if records != known.records || records != sent as u64 {
            let counted = known.records;
            return Err(Said(msg!("RECORDS_DO_NOT_ADD_UP", sent, counted, told = records)).into());
        }
        let settled = paid.settled.as_ref();
        Ok(Summary {
            group: bundle.group.name.clone(),
            from: bundle.period.from.to_string(),
            to: bundle.period.to.to_string(),
            records,
            credited: counts.credited,
            unattributed: counts.unattributed,
            rejected: self.rejections().values().sum(),
            rungs: counts.rungs.iter().map(|(rung, records)| ((*rung).to_owned(), *records)).collect(),
            mixed_untagged: known.mixed_untagged,
            findings: scored.findings.clone(),
            evidence: scored.evidence.iter().map(|one| (bundle.account_label(one.account), one.worth)).collect(),
            people: scored.cards.len() as u64,
            outside_ppm: known.outside_ppm,
            outside_people: known.outside_people.into(),
            currency: bundle.group.currency.clone(),
            pool_minor: settled.map(|s| s.pool_minor),
            paid_minor: settled.map(|s| s.paid_minor),
            team_fund_minor: settled.map(|s| s.team_fund_minor),
            not_settled: paid.refused.clone(),
            not_done: paid.not_done.clone(),
            versions: Versions {
                tally: env!("CARGO_PKG_VERSION").to_owned(),
                policy: bundle.policy.version.to_string(),
                scheme: format!("{} {}", bundle.scheme.name, bundle.scheme.version),
                tzdb: known.tzdb,
            },
            digest,
        })
    }

    fn rejections(&self) -> Rejections {
        let mut all = self.job.rejected_before.clone();
        for (file, rows) in &self.job.reading.rejected_rows {
            *all.entry((*file).to_owned()).or_default() += rows;
        }
        all
    }
}

/// What could not be scored for anybody, beyond indicators of which nobody has data: each card says the rest.
fn unscored(bundle: &Bundle, cards: &[(PersonIx, performance::Card)]) -> Option<Unusable> {
    let mut too_large: BTreeMap<&str, Vec<Message>> = BTreeMap::new();
    for (person, card) in cards {
        for line in &card.lines {
            match line.dropped() {
                performance::DropReason::TooLarge => {
                    let employee_no = &bundle.people[person.0 as usize].employee_no;
                    too_large.entry(&line.kpi).or_default().push(Message::told(employee_no));
                }
                performance::DropReason::TooLargeElsewhere => {
                    too_large.entry(&line.kpi).or_default();
                }
                performance::DropReason::Unspecified
                | performance::DropReason::NobodyHasData
                | performance::DropReason::NoDataOfPerson
                | performance::DropReason::NoPast
                | performance::DropReason::NoTarget => {}
            }
        }
    }
    if !too_large.is_empty() {
        let told = too_large.into_iter().map(|(indicator, people)| match people.is_empty() {
            true => msg!("INDICATOR_TOO_LARGE.apart", indicator),
            false => msg!("INDICATOR_TOO_LARGE", indicator, people = Arg::List(people)),
        });
        let problem = msg!("SEVERAL_PROBLEMS", problems = Arg::List(told.collect()));
        return Some(Unusable::new("INDICATOR_TOO_LARGE", "records.csv", problem, msg!("INDICATOR_TOO_LARGE_CURE")));
    }
    let nothing = cards.iter().flat_map(|(_, card)| &card.lines).all(|line| line.normalised.is_empty());
    let (problem, cure) = (msg!("SCHEME_WITHOUT_DATA"), msg!("SCHEME_WITHOUT_DATA_CURE"));
    nothing.then(|| Unusable::new("SCHEME_WITHOUT_DATA", "scheme.yaml", problem, cure))
}

/// Seconds per step.
struct Steps {
    start: Instant,
    timings: Timings,
}

impl Steps {
    fn new() -> Self {
        Self { start: Instant::now(), timings: Timings::default() }
    }

    async fn time<T>(&mut self, name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let begin = Instant::now();
        let done = work.await.map_err(|error| StepFailed::new(name, error).into());
        self.timings.steps.push((name.to_owned(), begin.elapsed().as_secs_f64()));
        done
    }

    fn now<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begin = Instant::now();
        let done = work();
        self.timings.steps.push((name.to_owned(), begin.elapsed().as_secs_f64()));
        done
    }

    fn finish(mut self) -> Timings {
        self.timings.total = self.start.elapsed().as_secs_f64();
        self.timings
    }
}
