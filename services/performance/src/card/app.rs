//! Scoring a cycle, and reading the cards.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tally_access::OpContext;
use tally_app::directory::People;
use tally_kernel::id::{AttributionRunId, CycleId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::time::tzdb_release;
use tally_kernel::{Error, Message, Result};
use tally_store::{ScopedTx, digest};
use uuid::Uuid;

use super::beside::{self, Around, Beside};
use super::facts::{names, needs_records};
use super::measure::Whose;
use super::past::{self, PastOf};
use super::store::{self, StoredCard};
use super::unread::Unread;
use super::{changed, elsewhere, measure, standards, unsent};
use crate::credit::facts::Place;
use crate::cycle::domain::{Asked, Cycle, Publication, Summary};
use crate::cycle::facts as cycles;
use crate::cycle::step::At;
use crate::policy::{GetCard, ListCardVersions, ListCards};
use crate::run::domain::{Failure, rungs};
use crate::run::facts as runs;
use crate::{App, credit, cycle, scheme};
use tally_engine::closing::collect::{FLAGS, Sums};
use tally_engine::closing::credit::Figures;
use tally_engine::closing::facts::Finding;
use tally_engine::closing::snapshot::FrozenPerson;
use tally_engine::scoring::definition::Of;
use tally_engine::scoring::{Measure, PersonInputs, Sample, Scheme, ScoreCard, difference, score};

/// Makes the cards of a cycle whose run is done, and ends the attempt.
///
/// # Errors
/// What scoring or the store says.
pub async fn score_cycle(at: &At<'_>, of: &Cycle) -> Result<()> {
    at.tell().await?;
    // Before the transaction: whoever came or went while the cycle was being closed is told, and what was settled then counts.
    let now = cycle::population::of(at.app, at.ctx, of).await?;
    let asked = Told::ask(at.app, at.ctx, of).await?;
    let (scheme, people) = (&asked.scheme, &asked.people);
    let (scored, settled, before, unread, standards) = {
        let tx = at.app.store.read(at.ctx).await?;
        let settled = if now.is_some() { Some(cycles::population_of(&tx, at.job.run).await?) } else { None };
        let before = match cycle::versions::version_before(&tx, of).await?.and_then(|before| before.run) {
            Some(run) => Some(store::of_run(&tx, run, None).await?),
            None => None,
        };
        let unread = Unread::read(&tx, of, scheme).await?;
        let standards = standards::findings(&tx, of).await?;
        let came = runs::CameTo::kept(&tx, of.attribution.map_or(at.job.run, Uuid::from)).await?;
        let scored = asked.scored(&tx, (of, at.job.run), settled.clone(), &came).await;
        (scored, settled, before, unread, standards)
    };
    let scored = match scored {
        Ok(scored) => scored,
        Err(refused) => return Err(elsewhere::told(at, of, refused).await),
    };
    let figures = scored.figures();
    let records = figures.records;
    if records == 0 && needs_records(scheme) {
        return at.end(Failure::NoRecords { period: of.period, part: of.owner.unit().is_some() }).await;
    }
    if scored.people.is_empty() {
        let unemployed = people.iter().all(|person| !person.employed_in(of.period)).then_some(of.period);
        let elsewhere = Some(records - figures.unattributed()).filter(|credited| *credited > 0);
        return at.end(Failure::NobodyCredited { records, unemployed, elsewhere }).await;
    }
    let mut findings = match (settled, now) {
        (Some(settled), Some(now)) => changed::findings(people, settled, now, of),
        (None, _) | (_, None) => Vec::new(),
    };
    let closed = of.clone();
    findings.extend(standards);
    findings.extend(scored.converted.clone());
    findings.extend(unread.findings(at.app, at.ctx, of, scheme).await?);
    let scheme = scheme.clone();
    let (cards, summary, unsent) = at.app.compute.run("scoring", move || scored.cards(&closed, &scheme)).await??;
    findings.extend(unsent);
    let corrected = before.map(|before| changed::cards(&before, &cards)).transpose()?;
    let summary = Summary { corrected, ..summary };
    at.write(async |work| {
        store::discard(&work, at.job.run).await?;
        credit::facts::discard_findings(&work, at.job.run).await?;
        store::insert(&work, at.ctx, (of.id, of.period.to()), at.job.run, &cards).await?;
        credit::facts::put_findings(&work, at.ctx, (at.job.run, of.period.to()), -1, &findings).await?;
        at.finish(&work, summary.clone()).await?;
        let audit = at.audit("performance.cycle.score").note("people", cards.len()).note("digest", &summary.digest);
        Ok((work, audit))
    })
    .await
}

/// The cards of a cycle that is closed, each with where its person stands and the digest of what went in, and the cycle's figures: derived again
/// from what its run came to, itself derived again. Writes nothing.
///
/// # Errors
/// What scoring or the store says.
pub async fn derive(
    app: &App,
    ctx: &OpContext,
    (of, attempt): (&Cycle, Uuid),
    came: &runs::CameTo,
) -> Result<(Cards, Summary)> {
    let asked = Told::ask(app, ctx, of).await?;
    let scored = {
        let tx = app.store.read(ctx).await?;
        // Whoever was in it when it was closed, where that was said then.
        let said = of.owner.unit().is_some() || of.population.is_some();
        let settled = if said { Some(cycles::population_of(&tx, attempt).await?) } else { None };
        asked.scored(&tx, (of, attempt), settled, came).await?
    };
    let (closed, scheme) = (of.clone(), asked.scheme);
    let (cards, summary, _) = app.compute.run("scoring", move || scored.cards(&closed, &scheme)).await??;
    Ok((cards, Summary { corrected: of.summary.as_ref().and_then(|summary| summary.corrected), ..summary }))
}

/// What is asked of others before a cycle is scored.
struct Told {
    scheme: Scheme,
    people: Arc<People>,
    /// Where the scheme measures more than records.
    around: Option<Around>,
}

impl Told {
    async fn ask(app: &App, ctx: &OpContext, of: &Cycle) -> Result<Self> {
        let scheme = { scheme::facts::load(&*app.store.read(ctx).await?, of.scheme, of.scheme_version).await? };
        let people = app.directory.everybody(ctx).await?;
        let around = beside::ask(app, ctx, of.period, &scheme, &people).await?;
        Ok(Self { scheme, people, around })
    }

    /// What there is to score: of those who were settled to be in the cycle, where that is said.
    async fn scored(
        &self,
        tx: &ScopedTx,
        (of, attempt): (&Cycle, Uuid),
        settled: Option<BTreeSet<PersonId>>,
        came: &runs::CameTo,
    ) -> Result<Scored> {
        let (around, people) = (self.around.as_ref(), &self.people);
        let employed =
            || people.iter().filter(|person| person.employed_in(of.period)).map(|person| person.id).collect();
        let population = settled.or_else(|| around.is_some().then(employed));
        let everybody = of.population.is_some() || around.is_some();
        // Teams may hold people beside those in the cycle.
        let past = past::of(tx, of, &self.scheme, population.as_ref().filter(|_| around.is_none())).await?;
        let alone = of.owner.unit().is_some();
        let known = Known { people, around, population, everybody, past: &past, alone, came };
        Scored::read(tx, of, attempt, &self.scheme, known).await
    }
}

/// What is known beside a run.
struct Known<'a> {
    people: &'a People,
    /// Where the scheme measures more than records.
    around: Option<&'a Around>,
    /// Who may get a card; nothing where whoever is credited does.
    population: Option<BTreeSet<PersonId>>,
    /// Whether all of them do: where it is said who is in, or measured what is not of records. Else whoever is credited.
    everybody: bool,
    /// What people had in cycles of before, where the scheme has trends.
    past: &'a PastOf,
    /// Whether only what the population and its teams are credited with counts: of a unit. What the group cannot compute with is refused, whosever it is.
    alone: bool,
    /// What the run came to.
    came: &'a runs::CameTo,
}

impl Known<'_> {
    /// Whose sums are wanted; everybody's where nothing is said.
    fn whose(&self, scheme: &Scheme) -> Option<BTreeSet<PersonId>> {
        let has_teams = scheme.measures.iter().any(|definition| matches!(definition.of, Of::Team(_)));
        match (&self.population, self.around) {
            (Some(population), Some(around)) if has_teams && self.alone => {
                let teams = around.teams(population.iter().copied());
                let members = teams.values().flat_map(|team| team.members.keys().copied());
                Some(population.iter().copied().chain(members).collect())
            }
            (population, _) if has_teams => population.clone().filter(|_| self.alone),
            (population, _) => population.clone(),
        }
    }
}

/// What a run has found out before a cycle is scored from it.
struct Scored {
    outcomes: Vec<(String, runs::RunOutcome)>,
    /// Those who get a card, by employee number.
    people: Vec<(FrozenPerson, Sums)>,
    /// What is measured of each of them.
    inputs: Vec<PersonInputs>,
    /// Millionths that others are credited with, and how many they are.
    outside: (u64, u32),
    /// What was converted beside what the run tells of.
    converted: Findings,
}

/// Each card with where its person stands and the digest of what went in, hex.
pub type Cards = Vec<(Place, ScoreCard, String)>;
type Findings = Vec<(Place, Finding)>;

impl Scored {
    /// What is known of everybody in the population, or of everybody; the custom measures in the order of the scheme's columns.
    async fn read(tx: &ScopedTx, cycle: &Cycle, attempt: Uuid, scheme: &Scheme, of: Known<'_>) -> Result<Self> {
        let run = cycle.attribution.unwrap_or(AttributionRunId(attempt));
        let outcomes = of.came.outcomes.clone();
        let (mut known, mut rosters_known) = (HashMap::new(), false);
        for component in 0..runs::components(tx, run.0).await? {
            let frozen = runs::component(tx, run.0, component).await?;
            rosters_known |= frozen.rosters_known;
            known.extend(frozen.people.into_iter().map(|p| (p.id, p)));
        }
        let (names, mut people, mut others, mut outside) = (names(scheme), Vec::new(), Vec::new(), (0, 0));
        let mut uncredited = of.population.clone().filter(|_| of.everybody).unwrap_or_default();
        let people_of = of.whose(scheme);
        let whose = Whose { people: people_of.as_ref(), alone: of.alone };
        let (credited, converted) = measure::sums(tx, (run, of.came), scheme, whose).await?;
        for (person, sums) in credited {
            let found =
                known.remove(&person).ok_or_else(|| Error::internal(format_args!("sums of nobody: {person}")))?;
            if of.population.as_ref().is_some_and(|people| !people.contains(&person)) {
                outside = (outside.0 + sums.credited_ppm, outside.1 + 1);
                others.push(inputs(&found, &sums, &names, rosters_known));
                continue;
            }
            uncredited.remove(&person);
            people.push((found, sums));
        }
        let bare = uncredited.into_iter().filter_map(|person| FrozenPerson::of(of.people.get(person)?, cycle.period));
        people.extend(bare.map(|person| (person, Sums::default())));
        people.sort_by(|a, b| a.0.no.cmp(&b.0.no));
        let of_each = people.iter().map(|(person, sums)| inputs(person, sums, &names, rosters_known));
        let mut inputs: Vec<PersonInputs> = of_each.collect();
        for person in inputs.iter_mut().chain(&mut others) {
            person.past = of.past.get(&person.person).cloned().unwrap_or_default();
        }
        if let Some(around) = of.around {
            Beside::read(tx, run.0, scheme, around).await?.complete(&mut inputs, &others, of.past);
        }
        Ok(Self { outcomes, people, inputs, outside, converted })
    }

    fn figures(&self) -> Figures {
        let mut all = Figures::default();
        self.outcomes.iter().for_each(|(_, outcome)| all.merge(&outcome.figures));
        all
    }

    fn cards(&self, cycle: &Cycle, scheme: &Scheme) -> Result<(Cards, Summary, Findings)> {
        let mut scored: HashMap<PersonId, ScoreCard> =
            score(scheme, &self.inputs)?.into_iter().map(|c| (c.person, c)).collect();
        let stated = (cycle.period, &cycle.policy, scheme, tzdb_release());
        let stated = serde_json::to_vec(&stated).map_err(Error::internal)?;
        let mut all = blake3::Hasher::new();
        all.update(&digest(&stated));
        for (_, outcome) in &self.outcomes {
            all.update(&outcome.digest);
        }
        let mut cards = Vec::with_capacity(self.people.len());
        for ((person, _), input) in self.people.iter().zip(&self.inputs) {
            let card = scored.remove(&person.id).ok_or_else(|| Error::internal("a person without a card"))?;
            // Without ids, so that it says the same on every database.
            let went_in = (&person.no, &person.unit_path, input.credited_ppm, input.outside_ppm, &input.samples);
            let mut went_in = [stated.clone(), serde_json::to_vec(&went_in).map_err(Error::internal)?].concat();
            if !input.past.is_empty() {
                went_in.extend(serde_json::to_vec(&input.past).map_err(Error::internal)?);
            }
            let came_out = (card.score, card.rank, card.of, &card.grade, &card.collaboration, &card.lines);
            let (went_in, came_out) = (digest(&went_in), serde_json::to_vec(&came_out).map_err(Error::internal)?);
            all.update(&went_in).update(&digest(&came_out));
            let place = Place::frozen(person, cycle.period.to());
            cards.push((place, card, blake3::Hash::from_bytes(went_in).to_hex().to_string()));
        }
        let figures = self.figures();
        let summary = Summary {
            records: figures.records,
            credited: figures.records - figures.unattributed(),
            unattributed: figures.unattributed(),
            people: u32::try_from(cards.len()).map_err(Error::internal)?,
            digest: all.finalize().to_hex().to_string(),
            tzdb: tzdb_release().to_owned(),
            rungs: rungs(&figures),
            mixed_untagged: figures.mixed_untagged,
            credited_ppm: self.people.iter().map(|(_, sums)| sums.credited_ppm).sum(),
            outside_ppm: self.outside.0,
            outside_people: self.outside.1,
            corrected: None,
        };
        Ok((cards, summary, unsent::findings(&cycle.owner, scheme, &self.inputs)))
    }
}

/// What is measured of the records that somebody is credited with; `names` are those of the scheme's sums.
fn inputs(person: &FrozenPerson, sums: &Sums, names: &[String], rosters_known: bool) -> PersonInputs {
    let known = FLAGS.iter().map(Measure::name).zip(sums.flags).chain([(Measure::Amount.name(), sums.amount)]);
    let samples = known.chain(names.iter().map(String::as_str).zip(sums.custom.iter().copied()));
    let samples: BTreeMap<String, Sample> =
        samples.filter(|(_, sample)| sample.ppm > 0).map(|(name, sample)| (name.to_owned(), sample)).collect();
    PersonInputs {
        person: person.id,
        unit: person.unit,
        credited_ppm: sums.credited_ppm,
        outside_ppm: rosters_known.then_some(sums.outside_ppm),
        samples,
        past: BTreeMap::new(),
    }
}

pub async fn get_card(
    app: &App,
    ctx: &OpContext,
    cycle: CycleId,
    person: PersonId,
    asked: Asked,
) -> Result<StoredCard> {
    let plan = ctx.plan::<GetCard>()?;
    let tx = app.store.read(ctx).await?;
    let shown = cycles::shown(&tx, cycle, asked).await?;
    let found = store::find(&tx, &plan.through(&shown.cycle.target()), shown.run, person).await?;
    found.map(|card| card.shown(cycle, &shown)).ok_or_else(|| Error::not_found("card of person", person))
}

/// A page of the cards of a cycle, by rank and person.
pub async fn list_cards(
    app: &App,
    ctx: &OpContext,
    cycle: CycleId,
    asked: Asked,
    page: &Page,
) -> Result<(Vec<StoredCard>, String)> {
    let plan = ctx.plan::<ListCards>()?;
    let tx = app.store.read(ctx).await?;
    let shown = cycles::shown(&tx, cycle, asked).await?;
    let (cards, next) = store::page(&tx, &plan.through(&shown.cycle.target()), shown.run, page).await?;
    Ok((cards.into_iter().map(|card| card.shown(cycle, &shown)).collect(), next))
}

/// One person's result as it was published once.
#[derive(Clone, Debug)]
pub struct CardVersion {
    pub published: Publication,
    /// Why the result was corrected.
    pub reason: Option<String>,
    /// Nothing where this version has no card of the person.
    pub card: Option<StoredCard>,
    /// What is different from the version before.
    pub changes: Vec<Message>,
}

/// Every version of one person's card, oldest first.
pub async fn list_versions(app: &App, ctx: &OpContext, cycle: CycleId, person: PersonId) -> Result<Vec<CardVersion>> {
    let tx = app.store.read(ctx).await?;
    let first = cycles::load(&tx, cycle).await?;
    let plan = ctx.plan::<ListCardVersions>()?.through(&first.target());
    let mut versions: Vec<CardVersion> = Vec::new();
    for of in cycles::versions(&tx, first).await? {
        let (Some(published), Some(run)) = (of.published, of.run) else { continue };
        let card = store::find(&tx, &plan, run, person).await?.map(|card| StoredCard {
            cycle,
            version: published.version,
            ..card
        });
        let changes = match versions.last() {
            Some(before) => difference(before.card.as_ref().map(|c| &c.card), card.as_ref().map(|c| &c.card)),
            None => Vec::new(),
        };
        versions.push(CardVersion { published, reason: of.corrects.map(|corrects| corrects.reason), card, changes });
    }
    if versions.iter().all(|version| version.card.is_none()) {
        return Err(Error::not_found("card of person", person));
    }
    Ok(versions)
}
