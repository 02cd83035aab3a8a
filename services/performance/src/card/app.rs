//! Scoring a cycle, and reading the cards.

use std::collections::{BTreeMap, HashMap};

use tally_access::OpContext;
use tally_kernel::id::{CycleId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::time::tzdb_release;
use tally_kernel::{Error, Result};
use tally_store::digest;

use super::store::{self, StoredCard};
use crate::cycle::domain::{Cycle, Failure, Step, Summary};
use crate::cycle::facts as cycles;
use crate::cycle::step::At;
use crate::policy::{GetCard, ListCards};
use crate::{App, scheme};
use tally_engine::closing::collect::Sums;
use tally_engine::closing::credit::{Figures, RUNGS};
use tally_engine::closing::snapshot::FrozenPerson;
use tally_engine::scoring::{Measure, PersonInputs, Sample, Scheme, ScoreCard, score};

/// Makes the cards of a run whose records are all credited, and ends it.
///
/// # Errors
/// What scoring or the store says.
pub async fn score_cycle(at: &At<'_>, cycle: &Cycle) -> Result<()> {
    at.tell(Step::Scoring).await?;
    let (scheme, scored) = {
        let tx = at.app.store.read(at.ctx).await?;
        let scheme = scheme::facts::load(&tx, cycle.scheme, cycle.scheme_version).await?;
        (scheme, Scored::read(&tx, at.job.run).await?)
    };
    let figures = scored.figures();
    if figures.records == 0 {
        return at.end(Failure::NoRecords { period: cycle.period }).await;
    }
    if scored.people.is_empty() {
        let people = at.app.directory.everybody(at.ctx).await?;
        let unemployed = people.iter().all(|person| !person.employed_in(cycle.period)).then_some(cycle.period);
        return at.end(Failure::NobodyCredited { records: figures.records, unemployed }).await;
    }
    let of = cycle.clone();
    let (cards, summary) = at.app.compute.run("scoring", move || scored.cards(&of, &scheme)).await??;
    at.write(async |work| {
        store::discard(&work, at.job.run).await?;
        store::insert(&work, at.ctx, cycle.id, at.job.run, &cards).await?;
        at.finish(&work, summary.clone()).await?;
        let audit = at.audit("performance.cycle.score").note("people", cards.len()).note("digest", &summary.digest);
        Ok((work, audit))
    })
    .await
}

/// What a run has found out before it is scored.
struct Scored {
    outcomes: Vec<(String, cycles::RunOutcome)>,
    /// By employee number.
    people: Vec<(FrozenPerson, Sums)>,
    rosters_known: bool,
}

type Cards = Vec<(tally_access::Region, ScoreCard, String)>;

impl Scored {
    async fn read(tx: &tally_store::ScopedTx, run: uuid::Uuid) -> Result<Self> {
        let outcomes = cycles::outcomes(tx, run).await?;
        let (mut known, mut rosters_known) = (HashMap::new(), false);
        for component in 0..cycles::components(tx, run).await? {
            let frozen = cycles::component(tx, run, component).await?;
            rosters_known |= frozen.rosters_known;
            known.extend(frozen.people.into_iter().map(|p| (p.id, p)));
        }
        let mut people = Vec::new();
        for (person, sums) in cycles::sums_of_people(tx, run).await? {
            let found =
                known.remove(&person).ok_or_else(|| Error::internal(format_args!("sums of nobody: {person}")))?;
            people.push((found, sums));
        }
        people.sort_by(|a, b| a.0.no.cmp(&b.0.no));
        Ok(Self { outcomes, people, rosters_known })
    }

    fn figures(&self) -> Figures {
        let mut all = Figures::default();
        self.outcomes.iter().for_each(|(_, outcome)| all.merge(&outcome.figures));
        all
    }

    fn cards(&self, cycle: &Cycle, scheme: &Scheme) -> Result<(Cards, Summary)> {
        let inputs: Vec<PersonInputs> = self.people.iter().map(|(p, sums)| self.inputs(p, sums, scheme)).collect();
        let mut scored: HashMap<PersonId, ScoreCard> =
            score(scheme, &inputs)?.into_iter().map(|c| (c.person, c)).collect();
        let stated = (cycle.period, &cycle.policy, scheme, tzdb_release());
        let stated = serde_json::to_vec(&stated).map_err(Error::internal)?;
        let mut all = blake3::Hasher::new();
        all.update(&digest(&stated));
        for (_, outcome) in &self.outcomes {
            all.update(&outcome.digest);
        }
        let mut cards = Vec::with_capacity(self.people.len());
        for ((person, _), input) in self.people.iter().zip(&inputs) {
            let card = scored.remove(&person.id).ok_or_else(|| Error::internal("a person without a card"))?;
            // Without ids, so that it says the same on every database.
            let went_in = (&person.no, &person.unit_path, input.credited_ppm, input.outside_ppm, &input.samples);
            let went_in = [stated.clone(), serde_json::to_vec(&went_in).map_err(Error::internal)?].concat();
            let came_out = (card.score, card.rank, card.of, &card.grade, &card.collaboration, &card.lines);
            let (went_in, came_out) = (digest(&went_in), serde_json::to_vec(&came_out).map_err(Error::internal)?);
            all.update(&went_in).update(&digest(&came_out));
            cards.push((person.region.clone(), card, blake3::Hash::from_bytes(went_in).to_hex().to_string()));
        }
        let figures = self.figures();
        let summary = Summary {
            records: figures.records,
            credited: figures.records - figures.unattributed(),
            unattributed: figures.unattributed(),
            people: u32::try_from(cards.len()).map_err(Error::internal)?,
            digest: all.finalize().to_hex().to_string(),
            tzdb: tzdb_release().to_owned(),
            rungs: RUNGS.into_iter().map(|rung| rung.to_string()).zip(figures.rungs).collect(),
            mixed_untagged: figures.mixed_untagged,
        };
        Ok((cards, summary))
    }

    fn inputs(&self, person: &FrozenPerson, sums: &Sums, scheme: &Scheme) -> PersonInputs {
        let flags = [Measure::FirstReplyWithin30s, Measure::Resolved, Measure::RatingAtLeast4];
        let known = flags.iter().map(Measure::name).zip(sums.flags).chain([(Measure::Amount.name(), sums.amount)]);
        let custom = customs(scheme);
        let samples = known.chain(custom.iter().map(String::as_str).zip(sums.custom.iter().copied()));
        let samples: BTreeMap<String, Sample> =
            samples.filter(|(_, sample)| sample.ppm > 0).map(|(name, sample)| (name.to_owned(), sample)).collect();
        PersonInputs {
            person: person.id,
            unit: person.unit,
            credited_ppm: sums.credited_ppm,
            outside_ppm: self.rosters_known.then_some(sums.outside_ppm),
            samples,
        }
    }
}

/// The columns that a scheme reads beside the known measures, each once, sorted.
pub fn customs(scheme: &Scheme) -> Vec<String> {
    let names = scheme.kpis.iter().filter_map(|kpi| match &kpi.measure {
        Measure::Custom(column) => Some(column.clone()),
        Measure::CreditedRecords
        | Measure::FirstReplyWithin30s
        | Measure::Resolved
        | Measure::RatingAtLeast4
        | Measure::Amount => None,
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}

pub async fn get_card(app: &App, ctx: &OpContext, cycle: CycleId, person: PersonId) -> Result<StoredCard> {
    let plan = ctx.plan::<GetCard>()?;
    let tx = app.store.read(ctx).await?;
    let run = cycles::result_of(&tx, cycle).await?;
    let found = store::find(&tx, &plan, run, person).await?;
    found.ok_or_else(|| Error::not_found("card of person", person))
}

/// A page of the cards of a cycle, by rank and person.
pub async fn list_cards(app: &App, ctx: &OpContext, cycle: CycleId, page: &Page) -> Result<(Vec<StoredCard>, String)> {
    let plan = ctx.plan::<ListCards>()?;
    let tx = app.store.read(ctx).await?;
    let run = cycles::result_of(&tx, cycle).await?;
    store::page(&tx, &plan, run, page).await
}
