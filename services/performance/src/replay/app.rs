//! Replaying a closed cycle: deriving again what is stored, and holding the two against each other. Nothing is written but who asked.

use std::collections::BTreeMap;

use futures::Stream;
use jiff::Timestamp;
use tally_access::{OpContext, Rpc as _};
use tally_app::progress::{Tell, working};
use tally_engine::attribution::Credit;
use tally_engine::closing::codec::{encode, encode_why};
use tally_engine::closing::collect::Sums;
use tally_engine::closing::compute::{AccountPart, Computed, stored as share};
use tally_engine::closing::credit::{Figures, rung_number};
use tally_engine::closing::snapshot::{Frozen, FrozenAccount};
use tally_kernel::id::{AccountId, AttributionRunId, CycleId, PersonId};
use tally_kernel::{Error, Kind, Result};
use tally_store::{Audit, from_db};
use uuid::Uuid;

use super::domain::{Differences, KeptCard, Replayed};
use crate::credit::facts as credits;
use crate::cycle::domain::{Cycle, CycleError, State};
use crate::cycle::facts as cycles;
use crate::policy::ReplayCycle;
use crate::run::domain::{AttributionRun, Step};
use crate::run::facts::{self as runs, AccountResult};
use crate::{App, SERVICE, card, credit, scheme};

/// Credits read at once.
const READ: u64 = 20_000;

/// How far a replay is, or what came of it.
#[derive(Clone, Debug)]
pub enum Told {
    /// What is done, how many parts of it are, and of how many.
    Step(Step, u32, u32),
    End(Box<Replayed>),
}

/// Replays a cycle that is closed.
///
/// # Errors
/// `NOT_FOUND`, `PERMISSION_DENIED`, `CYCLE_WITHOUT_RESULT`; `PERIOD_PURGED` where retention may have removed what it was made of.
pub async fn replay(
    app: &App,
    ctx: &OpContext,
    id: CycleId,
) -> Result<(Cycle, impl Stream<Item = Result<Told>> + Send + use<>)> {
    ctx.plan::<ReplayCycle>()?;
    let cycle = { cycles::load(&*app.store.read(ctx).await?, id).await? };
    ctx.permit_read::<ReplayCycle>(&cycle.target(), "cycle", id)?;
    let (State::Reviewable | State::Published, Some(attempt)) = (cycle.state, cycle.run) else {
        return Err(CycleError::NoResult.into());
    };
    let (run, scheme) = {
        let tx = app.store.read(ctx).await?;
        let run = runs::load(&tx, cycle.attribution.unwrap_or(AttributionRunId(attempt))).await?;
        (run, scheme::facts::load(&tx, cycle.scheme, cycle.scheme_version).await?)
    };
    if let Some(gone) = app.kept.removed(ctx, cycle.period, Some(&scheme), Some(run.started_at)).await? {
        return Err(CycleError::Purged(gone.day, gone.kind).into());
    }
    let audit = Audit::new("performance.cycle.replay", "cycle", id).note("run", attempt);
    app.store.audit_read(ctx, ReplayCycle::METHOD, audit).await?;
    // As it was closed: by the service, whoever asks for it.
    let (app, ctx, of) = (app.clone(), ctx.as_service(SERVICE), cycle.clone());
    let told = working(move |tell| async move { At::new(&app, &ctx, &of, &run, attempt).replay(&tell).await });
    Ok((cycle, told))
}

/// A replay under way.
struct At<'a> {
    app: &'a App,
    ctx: &'a OpContext,
    cycle: &'a Cycle,
    run: &'a AttributionRun,
    attempt: Uuid,
    credits: u64,
    /// How each account's records were credited, by its key.
    outcomes: BTreeMap<String, runs::RunOutcome>,
    /// Whether all of these are what they were.
    as_then: bool,
    sums: BTreeMap<PersonId, Sums>,
    differences: Differences,
}

impl<'a> At<'a> {
    fn new(app: &'a App, ctx: &'a OpContext, cycle: &'a Cycle, run: &'a AttributionRun, attempt: Uuid) -> Self {
        let (outcomes, sums, differences) = Default::default();
        Self { app, ctx, cycle, run, attempt, credits: 0, outcomes, as_then: true, sums, differences }
    }

    async fn replay(mut self, tell: &Tell<Told>) -> Result<Told> {
        let (components, accounts) = {
            let tx = self.app.store.read(self.ctx).await?;
            (runs::components(&tx, self.run.id.0).await?, runs::accounts(&tx, self.run.id.0).await?)
        };
        let all = u32::try_from(components + 1).map_err(Error::internal)?;
        for (done, component) in (0..).zip(0..components) {
            tell.say(Told::Step(Step::Attributing, done, all));
            let kept: Vec<_> = accounts.iter().filter(|account| account.component == component).collect();
            self.component(component, &kept).await?;
        }
        let kept = { runs::sums_as_kept(&*self.app.store.read(self.ctx).await?, self.run.id.0).await? };
        self.differences.sums(&kept, &self.sums);
        tell.say(Told::Step(Step::Scoring, all - 1, all));
        let (cards, digest) = self.cards().await?;
        let mut now = blake3::Hasher::new();
        for outcome in self.outcomes.values() {
            now.update(&outcome.digest);
        }
        let then = self.run.summary.as_ref().map(|summary| summary.digest.clone()).unwrap_or_default();
        Ok(Told::End(Box::new(Replayed {
            cycle: self.cycle.id,
            credits: self.credits,
            cards,
            digests: (self.cycle.summary.clone().unwrap_or_default().digest, digest),
            credits_digests: (then, now.finalize().to_hex().to_string()),
            differences: self.differences,
        })))
    }

    /// Credits the records of a component again, and compares.
    async fn component(&mut self, component: i32, kept: &[&AccountResult]) -> Result<()> {
        let computed = self.derived(component, kept).await?;
        for (account, part) in computed.frozen.accounts.iter().zip(&computed.accounts) {
            let stored = kept.iter().find(|stored| stored.account_id == account.id.0);
            self.as_then &= stored.is_some_and(|stored| stored.digest == part.digest);
            if !stored.is_some_and(|stored| has_figures(stored, part)) {
                self.differences.account(account.id);
            }
            let credits = stored.map_or(self.run.id.0, |stored| stored.credits_run());
            let (figures, contents) = (part.figures.clone(), Some(part.contents));
            let outcome = runs::RunOutcome { figures, digest: part.digest, contents, credits };
            self.outcomes.insert(account.key.clone(), outcome);
            self.compare((&computed, account, part), credits).await?;
        }
        self.sums.extend(computed.sums);
        Ok(())
    }

    /// What the records of a component come to: as they are, where that is what they were then, or else as they were known then.
    async fn derived(&self, component: i32, kept: &[&AccountResult]) -> Result<Computed> {
        let frozen = { runs::component(&*self.app.store.read(self.ctx).await?, self.run.id.0, component).await? };
        let derive = |known_at: Option<Timestamp>| {
            credit::step::derive(self.app, self.ctx, self.run, (frozen.clone(), known_at))
        };
        let now = derive(None).await?;
        if is_kept(&now, kept, |stored, part| stored.digest == part.digest) {
            return Ok(now);
        }
        let Some(at) = kept.iter().map(|stored| stored.recorded_at).min() else { return Ok(now) };
        let unchanged =
            is_kept(&now, kept, |stored, part| stored.contents.as_deref() == Some(part.contents.as_slice()));
        let now = unchanged.then_some(now);
        let then = derive(Some(from_db(at)?)).await?;
        let found = is_kept(&then, kept, |stored, part| stored.digest == part.digest);
        Ok(if found { then } else { now.unwrap_or(then) })
    }

    /// Holds the credits of an account, kept under a run, against those that were derived: both in the order of the records.
    async fn compare(
        &mut self,
        (computed, account, part): (&Computed, &FrozenAccount, &AccountPart),
        under: Uuid,
    ) -> Result<()> {
        let (frozen, mut waiting) = (&computed.frozen, decided(computed, part).into_iter().peekable());
        let (mut last, mut more): (Option<(i64, String)>, bool) = (None, true);
        while more {
            let after = last.as_ref().map(|(ms, id)| (*ms, id.as_str()));
            let rows = credits::rows(&*self.app.store.read(self.ctx).await?, under, account.id, after, READ).await?;
            more = rows.len() as u64 == READ;
            for row in &rows {
                let at = Some((row.started_ms, row.external_id.as_str()));
                while let Some((before, now)) = waiting.next_if(|(key, _)| *key < at) {
                    self.one(account.id, frozen, before, (None, Some(borrowed(&now))));
                }
                let now = waiting.next_if(|(key, _)| *key == at).map(|(_, now)| now);
                self.one(account.id, frozen, at, (Some(row.decided()), now.as_ref().map(borrowed)));
            }
            last = rows.into_iter().next_back().map(|row| (row.started_ms, row.external_id));
        }
        for (key, now) in waiting {
            self.one(account.id, frozen, key, (None, Some(borrowed(&now))));
        }
        Ok(())
    }

    fn one(
        &mut self,
        account: AccountId,
        frozen: &Frozen,
        key: Option<(i64, &str)>,
        sides: (Option<credits::Decided<'_>>, Option<credits::Decided<'_>>),
    ) {
        self.credits += 1;
        self.differences.credit((account, key.map_or("", |(_, id)| id)), frozen, sides);
    }

    /// Makes the cards again, and compares: how many, and the digest of all that the cycle is made of; empty where none could be made.
    async fn cards(&mut self) -> Result<(u32, String)> {
        let kept = { card::facts::as_kept(&*self.app.store.read(self.ctx).await?, self.attempt).await? };
        let kept = kept.into_iter().map(|(person, row)| {
            let card::facts::CardRow { body, rank, of, inputs_digest, .. } = row;
            (person, KeptCard { body, rank, of, inputs_digest })
        });
        let kept: BTreeMap<PersonId, KeptCard> = kept.collect();
        let compared = u32::try_from(kept.len()).map_err(Error::internal)?;
        let came = runs::CameTo {
            outcomes: self.outcomes.clone().into_iter().collect(),
            people: self.sums.clone().into_iter().collect(),
        };
        let (cards, summary) = match card::app::derive(self.app, self.ctx, (self.cycle, self.attempt), &came).await {
            Ok(derived) => derived,
            // What it is made of is not there any more as it was.
            Err(refused) if refused.kind() == Kind::FailedPrecondition => {
                self.differences.without_cards(refused.message().clone());
                return Ok((0, String::new()));
            }
            Err(error) => return Err(error),
        };
        let same_inputs =
            |person: &PersonId, digest: &String| kept.get(person).is_some_and(|it| it.inputs_digest == *digest);
        let as_then = self.as_then && cards.iter().all(|(_, card, digest)| same_inputs(&card.person, digest));
        let derived = cards.into_iter().map(|(_, card, _)| (card.person, card)).collect();
        self.differences.cards(&kept, &derived);
        let closed = self.cycle.summary.clone().unwrap_or_default();
        self.differences.figures(&closed, &summary, as_then && self.differences.count == 0);
        Ok((compared, summary.digest))
    }
}

/// Whether all accounts are kept, and each is as it was derived by this.
fn is_kept(computed: &Computed, kept: &[&AccountResult], same: impl Fn(&AccountResult, &AccountPart) -> bool) -> bool {
    computed.frozen.accounts.iter().zip(&computed.accounts).all(|(account, part)| {
        kept.iter().find(|stored| stored.account_id == account.id.0).is_some_and(|stored| same(stored, part))
    })
}

/// Whether an account has the figures that its credits come to. What more evidence would bring is no credit, and was not always told.
fn has_figures(stored: &AccountResult, part: &AccountPart) -> bool {
    let bare = |figures: Figures| Figures { worth: None, ..figures };
    let kept = serde_json::from_str(&stored.figures).map(bare);
    kept.is_ok_and(|kept| kept == bare(part.figures.clone()))
}

/// What was decided about each record of an account, as it would be kept, in the order of the records.
fn decided<'c>(computed: &'c Computed, part: &AccountPart) -> Vec<(Option<(i64, &'c str)>, Owned)> {
    let decided = |credit: &Credit| {
        let shares: Vec<_> = computed.outcome.shares_of(credit).iter().map(share).collect();
        let reason = credit.reason.map(|reason| reason.to_string()).unwrap_or_default();
        let record = computed.records.get(credit.record as usize).map(|record| (record.start_ms, record.key.as_str()));
        let why = computed.outcome.why_of(credit).map(encode_why);
        (record, (rung_number(credit.rung), reason, encode(&shares), why))
    };
    let mut all: Vec<_> = computed.outcome.credits[part.credits.clone()].iter().map(decided).collect();
    all.sort_unstable_by_key(|(record, _)| *record);
    all
}

type Owned = (i32, String, Vec<u8>, Option<Vec<u8>>);

fn borrowed((rung, reason, shares, why): &Owned) -> credits::Decided<'_> {
    (*rung, reason, shares, why.as_deref())
}
