//! The use cases of corrections of pay: what was posted stays, and what is different by now waits for the next settlement.

use std::collections::{BTreeMap, HashMap};

use futures::try_join;
use jiff::Timestamp;
use tally_access::four_eyes::Hands;
use tally_access::{OpContext, Owner, Permit, Plan, Rpc, Target};
use tally_app::directory::People;
use tally_app::units::Units;
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{CorrectionId, DeltaId, PersonId, SettlementId};
use tally_kernel::page::{MAX_SIZE, Page};
use tally_kernel::{Error, Kind, Micro, Result};
use tally_store::{Audit, ScopedTx, UnitOfWork};
use uuid::Uuid;

use super::domain::{self, CorrectionError, Delta, Filed, Reckoned, Stage, Taken, moved};
use super::facts::{self, Belongs, Now};
use super::store::{self, adjustments, deltas};
use crate::policy::{
    ApproveCorrection, DraftCorrection, GetCorrection, ListCorrections, ListDeltas, WithdrawCorrection,
};
use crate::pool::domain::Pool;
use crate::settlement::app::{self as settling, App};
use crate::settlement::domain::{self as settlement_domain, Claimant, Settlement, SettlementError};
use crate::statement::domain::Belonged;
use crate::statement::facts as statements;
use crate::{pool, settlement};

/// By what the statements of a settlement are kept.
const KEPT_AS: &str = "compensation.pay";

/// A wish to put a settlement right.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub request: RequestKey,
    pub settlement: SettlementId,
    /// Why.
    pub reason: String,
    /// Only look what would come of it.
    pub validate_only: bool,
}

/// What a correction rests on, asked of others before a transaction begins.
struct Known {
    posted: settlement_domain::Filed,
    pool: Pool,
    people: std::sync::Arc<People>,
    last_day: jiff::civil::Date,
    scores: Vec<(Claimant, Micro)>,
    cards_version: u32,
}

impl Known {
    fn place(&self, person: PersonId) -> Result<Belonged> {
        let home = self.people.get(person).and_then(|person| person.home(self.last_day));
        home.map(|home| Belonged::of(home, self.last_day))
            .ok_or_else(|| Error::internal("a delta of nobody whom identity knows"))
    }
}

/// Splits the pool of a posted settlement once more, by the cards as they are now, and keeps everybody's difference to what stands.
pub(crate) async fn draft(app: &App, ctx: &OpContext, wanted: &Wanted) -> Result<(Filed, Vec<DeltaShown>)> {
    ctx.plan::<DraftCorrection>()?;
    let posted = settlement::facts::filed(&*app.store.read(ctx).await?, wanted.settlement).await?;
    let permit = ctx.permit_read::<DraftCorrection>(&posted.target(), "settlement", posted.id)?;
    if posted.stage != settlement_domain::Stage::Posted {
        return Err(CorrectionError::NotPosted(posted.stage).into());
    }
    let known = known(app, ctx, posted).await?;
    if wanted.validate_only {
        let tx = app.store.read(ctx).await?;
        let (filed, deltas) = reckoned(&tx, ctx, &permit, &known, wanted).await?;
        let filed = Filed { id: CorrectionId(Uuid::nil()), ..filed };
        let preview = |delta: Delta| Ok(DeltaShown::preview(&filed, known.place(delta.who.person)?, delta));
        let shown = deltas.into_iter().take(MAX_SIZE as usize).map(preview).collect::<Result<_>>()?;
        return Ok((filed, shown));
    }
    let id = mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        facts::lock(&work).await?;
        let (filed, deltas) = reckoned(&work, ctx, &permit, &known, wanted).await?;
        store::insert(&work, &filed).await?;
        deltas::insert_all(&work, ctx, &filed, &deltas, |person| known.place(person)).await?;
        let audit = Audit::new("compensation.correction.draft", "pay_correction", filed.id)
            .after(&tally_store::digest(filed.inputs_digest.as_bytes()))
            .note("people", filed.people);
        Ok((work, audit, filed.id))
    });
    let id = id.await?;
    let tx = app.store.read(ctx).await?;
    let kept = deltas::of_correction(&tx, id, u64::from(MAX_SIZE)).await?;
    Ok((store::filed(&tx, id).await?, shown(&tx, kept, None).await?))
}

async fn known(app: &App, ctx: &OpContext, posted: settlement_domain::Filed) -> Result<Known> {
    let kept = statements::people_of(&*app.store.read(ctx).await?, posted.id).await?.len();
    if kept != posted.people as usize {
        let terms = tally_privacy::terms(&app.peers.identity, ctx).await?;
        let over = terms.over(KEPT_AS, PersonId(Uuid::nil()), ctx.now())?.unwrap_or_else(|| ctx.now());
        return Err(CorrectionError::Purged(jiff::tz::TimeZone::UTC.to_datetime(over).date()).into());
    }
    let pool = pool::facts::pool_of(&*app.store.read(ctx).await?, posted.pool).await?;
    let (scored, people) = try_join!(app.peers.scores(ctx, pool.cycle, None), app.directory.everybody(ctx))?;
    let (last_day, cards_version) = (scored.cycle.last_day, scored.cards_version);
    let units = Units::of(&app.peers.identity, ctx, Some(last_day)).await?;
    let trees = app.directory.trees(ctx, &people).await?;
    let scores = settling::claims(&pool, scored, &people, (&units, &trees))?.map_err(CorrectionError::from)?;
    Ok(Known { posted, pool, people, last_day, scores, cards_version })
}

/// What a correction comes to, beside the settlement as it stands: as posted, or as corrected last.
async fn reckoned<R: Rpc>(
    tx: &ScopedTx,
    ctx: &OpContext,
    permit: &Permit<R>,
    known: &Known,
    wanted: &Wanted,
) -> Result<(Filed, Vec<Delta>)> {
    let posted = &known.posted;
    let before = store::of_settlement(tx, posted.id).await?;
    if let Some(waits) = before.iter().find(|one| one.stage == Stage::Draft) {
        return Err(CorrectionError::Waits(waits.id).into());
    }
    let last = before.iter().rev().find(|one| one.stage == Stage::Approved);
    let standing = match last {
        Some(last) => last.reckoned.standing.clone(),
        None => as_posted(tx, posted).await?,
    };
    let scores = numbered(&standing, &known.scores);
    let corrected = domain::correct(&standing, &known.pool.rule, &posted.sums.carry_before, &scores)?;
    let (reckoned, deltas) = Reckoned::of(corrected, wanted.reason.clone())?;
    let filed = Filed {
        id: CorrectionId(ctx.new_id()),
        settlement: posted.id,
        owner: posted.owner.clone(),
        cycle: posted.cycle,
        last_day: Some(known.last_day),
        number: before.last().map_or(0, |one| one.number) + 1,
        cards_version: known.cards_version,
        stage: Stage::Draft,
        reckoned,
        people: u32::try_from(deltas.len()).map_err(Error::internal)?,
        inputs_digest: inputs_digest(posted, last, &scores)?,
        drafted: Taken { by: Hands::of(ctx, permit), at: ctx.now() },
        approved: None,
        withdrawn: None,
    };
    Ok((filed, deltas))
}

async fn as_posted(tx: &ScopedTx, posted: &settlement_domain::Filed) -> Result<Settlement> {
    let sums = &posted.sums;
    let lines = statements::lines_of(tx, posted.id).await?;
    Ok(Settlement { pool: sums.pool, lines, funds: sums.funds.clone(), carry: sums.carry_after.clone() })
}

/// Scores under the numbers that people were paid under: a number that changed since makes nobody somebody else.
fn numbered(standing: &Settlement, scores: &[(Claimant, Micro)]) -> Vec<(Claimant, Micro)> {
    let paid: HashMap<PersonId, &str> = standing.lines.iter().map(|l| (l.person, l.employee_no.as_str())).collect();
    let numbered = scores.iter().map(|(who, score)| {
        let employee_no = paid.get(&who.person).copied().unwrap_or(&who.employee_no).to_owned();
        (Claimant { employee_no, person: who.person }, *score)
    });
    numbered.collect()
}

/// Digest of everything that determines a correction, by employee number.
fn inputs_digest(
    posted: &settlement_domain::Filed,
    last: Option<&Filed>,
    scores: &[(Claimant, Micro)],
) -> Result<String> {
    let last = last.map(|last| last.inputs_digest.as_str());
    let parts = (&posted.inputs_digest, last, settling::told(scores));
    let text = serde_json::to_vec(&parts).map_err(Error::internal)?;
    Ok(blake3::hash(&text).to_hex().to_string())
}

/// Approves what somebody else drafted: its deltas wait for settlements that take them, and the carry account moves on.
pub(crate) async fn approve(app: &App, ctx: &OpContext, request: &RequestKey, id: CorrectionId) -> Result<Filed> {
    change::<ApproveCorrection>(app, ctx, request, id, "compensation.correction.approve", Filed::approve).await
}

/// Throws a draft away.
pub(crate) async fn withdraw(app: &App, ctx: &OpContext, request: &RequestKey, id: CorrectionId) -> Result<Filed> {
    change::<WithdrawCorrection>(app, ctx, request, id, "compensation.correction.withdraw", Filed::withdraw).await
}

/// Brings a correction to another stage, by the hands that call.
async fn change<R: Rpc>(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    id: CorrectionId,
    action: &'static str,
    step: fn(Filed, Taken) -> Result<Filed, CorrectionError>,
) -> Result<Filed> {
    ctx.plan::<R>()?;
    let target = store::filed(&*app.store.read(ctx).await?, id).await?.target();
    let permit = ctx.permit_read::<R>(&target, "correction", id)?;
    let changed = mutate(&app.store, ctx, &permit, request, async |work| {
        facts::lock(&work).await?;
        let before = store::filed_for_update(&work, id).await?;
        let after = step(before, Taken { by: Hands::of(ctx, &permit), at: ctx.now() })?;
        if after.stage == Stage::Approved {
            deltas::approve(&work, id, ctx.now()).await?;
            move_carry(&work, ctx, &after).await?;
        } else {
            deltas::withdraw(&work, id).await?;
        }
        store::keep_stage(&work, &after).await?;
        let people = deltas::people_of(&work, id).await?;
        let audit = Audit::new(action, "pay_correction", id).note("to", after.stage).about_all(people);
        Ok((work, audit, id))
    });
    let id = changed.await?;
    store::filed(&*app.store.read(ctx).await?, id).await
}

/// Moves the carry account by what the correction found, whatever was posted on it meanwhile.
async fn move_carry(work: &UnitOfWork, ctx: &OpContext, filed: &Filed) -> Result<()> {
    let Reckoned { standing, carry, .. } = &filed.reckoned;
    if carry.iter().next().is_none() {
        return Ok(());
    }
    let book = settlement::facts::carry_book(work, &filed.owner, standing.pool.currency).await?;
    settlement::facts::keep_carry_book(work, ctx, &filed.owner, &moved(&book, carry)?).await
}

pub(crate) async fn get(app: &App, ctx: &OpContext, id: CorrectionId) -> Result<Filed> {
    let plan = ctx.plan::<GetCorrection>()?;
    store::filed_within(&app.store.read(ctx).await?, &plan, id).await
}

/// A page of corrections, newest first, and the next page's token.
pub(crate) async fn list(
    app: &App,
    ctx: &OpContext,
    settlement: Option<SettlementId>,
    page: &Page,
) -> Result<(Vec<Filed>, String)> {
    let plan = ctx.plan::<ListCorrections>()?;
    store::page(&app.store.read(ctx).await?, &plan, settlement, page).await
}

/// A delta as it was known at some time.
#[derive(Clone, Debug)]
pub(crate) struct DeltaShown {
    pub(crate) kept: deltas::Kept,
    /// What reading the whole correction is decided on: who reads that reads this.
    pub(crate) whole: Target,
    /// What reading the payments of it is decided on, or of what waits the next one of somebody who moved: who pays that reads this.
    pub(crate) payers: Vec<Target>,
    /// Why the settlement was put right.
    pub(crate) reason: String,
    pub(crate) cards_version: u32,
    /// What was left, in minor units, or for who only pays of it after the own settlements; nothing of what is not approved.
    pub(crate) left_minor: Option<i64>,
    /// What settlements held or took, the oldest first.
    pub(crate) adjustments: Vec<adjustments::Kept>,
}

impl DeltaShown {
    /// One that is not written.
    fn preview(of: &Filed, place: Belonged, delta: Delta) -> Self {
        let owed = deltas::Owed { left_minor: 0, delta };
        let kept = deltas::Kept {
            id: DeltaId(Uuid::nil()),
            correction: of.id,
            settlement: of.settlement,
            cycle: of.cycle,
            last_day: place.day(of.last_day),
            currency: of.reckoned.standing.pool.currency,
            place: (place.region, place.unit),
            stage: deltas::Stage::Draft,
            held_by: None,
            approved_at: None,
            owed,
        };
        let (reason, cards_version) = (of.reckoned.reason.clone(), of.cards_version);
        let (whole, payers) = (of.target(), Vec::new());
        Self { kept, whole, payers, reason, cards_version, left_minor: None, adjustments: Vec::new() }
    }

    /// As who only pays of it is told of it: what the own settlements took, and what is left for whom pays it next. For anybody else what is left
    /// would tell what others took, so that is what the own settlements left.
    fn only_of(&mut self, own: &[(SettlementId, Target)], pays_next: bool) -> Result<()> {
        self.adjustments.retain(|taken| own.iter().any(|(by, _)| *by == taken.settlement));
        if pays_next {
            return Ok(());
        }
        let left = |last: &adjustments::Kept| match last.stage {
            // What a settlement that is not posted holds is still to be paid.
            adjustments::Stage::Held => last.amounts.left_minor.checked_add(last.amounts.minor),
            adjustments::Stage::Settled | adjustments::Stage::Freed => Some(last.amounts.left_minor),
        };
        let too_large = SettlementError::TooLarge(settlement_domain::Beyond::Pool);
        self.left_minor = self.adjustments.last().map(|last| left(last).ok_or(too_large)).transpose()?;
        Ok(())
    }
}

/// A page of deltas that the caller may see, as of an instant or now, and the next page's token.
pub(crate) async fn list_deltas(
    app: &App,
    ctx: &OpContext,
    asked: &deltas::Asked,
    page: &Page,
) -> Result<(Vec<DeltaShown>, String)> {
    let mut plan = ctx.plan::<ListDeltas>()?;
    // What waits is paid by where people belong by now: that says nothing of an earlier instant.
    let now = match asked.known_at {
        None => Some(Now::of(&app.directory, ctx, None).await?),
        Some(_) => None,
    };
    let tx = app.store.read(ctx).await?;
    // Whoever drafts or approves a correction sees all of it, also the delta of somebody who moved.
    if let Some(of) = asked.correction {
        plan = match store::filed(&tx, of).await {
            Ok(of) => plan.through(&of.target()),
            // Of one that is not there is told as much as of one that is out of reach: nothing.
            Err(missing) if missing.kind() == Kind::NotFound => plan,
            Err(error) => return Err(error),
        };
    }
    let paid = who_paid(&tx, &plan, asked).await?;
    let next = match &now {
        Some(now) => who_moved(now, &tx, &plan, asked).await?,
        None => Next::default(),
    };
    let moved = moved_of(&paid, &next, asked);
    let (kept, token) = deltas::page(&tx, &plan, (asked, &moved), page).await?;
    let mut shown = shown(&tx, kept, asked.known_at).await?;
    for one in &mut shown {
        one.payers = moved.here.get(&one.kept.id).cloned().unwrap_or_default();
        if !plan.covers(&one.kept.target()) && !plan.covers(&one.whole) {
            let own = paid.get(&one.kept.id).map_or(&[][..], Vec::as_slice);
            one.only_of(own, next.here.contains_key(&one.kept.id))?;
        }
    }
    Ok((shown, token))
}

/// Who is told of deltas by what they pay: what waits to whom pays it next, and what was taken also to whom took it, unless what
/// waits is asked for.
fn moved_of(paid: &adjustments::Reached, next: &Next, asked: &deltas::Asked) -> deltas::Moved {
    let mut moved = deltas::Moved::default();
    for (id, payer) in &next.here {
        moved.here.entry(*id).or_default().push(payer.clone());
    }
    for (id, taken) in paid.iter().filter(|_| !asked.waiting) {
        moved.here.entry(*id).or_default().extend(taken.iter().map(|(_, by)| by.clone()));
    }
    if asked.waiting && asked.correction.is_none() {
        moved.elsewhere.clone_from(&next.elsewhere);
    }
    moved
}

/// What settlements took is listed to whoever reaches one of them, or the statement in it: also of somebody who belonged elsewhere.
async fn who_paid<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, asked: &deltas::Asked) -> Result<adjustments::Reached> {
    if plan.reach().tenant {
        return Ok(BTreeMap::new());
    }
    let settlements = settlement::facts::reached(tx, plan).await?;
    adjustments::reached(tx, plan, &settlements, (asked.person, asked.known_at)).await
}

/// What waits of people who moved: it is told to whom pays it next.
#[derive(Default)]
struct Next {
    /// Of those whom the caller reaches where they are by now: by whom it is paid next.
    here: BTreeMap<DeltaId, Target>,
    /// Of the others.
    elsewhere: Vec<DeltaId>,
}

/// What waits of people who moved, by whom pays it next.
async fn who_moved<R: Rpc>(now: &Now, tx: &ScopedTx, plan: &Plan<R>, asked: &deltas::Asked) -> Result<Next> {
    let waits = deltas::who_waits(tx, asked).await?;
    let owners = store::owners(tx, waits.iter().map(|(_, of, _)| *of).collect()).await?;
    let mut moved = Next::default();
    for (id, of, person) in waits {
        let owner = owners.get(&of).ok_or_else(|| Error::internal("a delta of no correction"))?;
        match payer(now, owner, person) {
            Some(payer) if plan.covers(&payer) => _ = moved.here.insert(id, payer),
            Some(_) => moved.elsewhere.push(id),
            None => {}
        }
    }
    Ok(moved)
}

/// Where a settlement of now pays somebody who went out of the unit whose settlement was put right; nothing for whoever is there, or was so
/// last.
fn payer(now: &Now, of: &Owner, person: PersonId) -> Option<Target> {
    let (own, Belongs { home, counted, below }) = (of.unit()?, now.belongs(person)?);
    (!below.is_or_was_of(own)).then(|| Target::person(home.region.clone(), Some(counted), person))
}

/// Deltas with what was taken of them until then, or until now.
async fn shown(tx: &ScopedTx, kept: Vec<deltas::Kept>, known_at: Option<Timestamp>) -> Result<Vec<DeltaShown>> {
    let corrections = store::these(tx, deltas::Kept::corrections(&kept)).await?;
    let mut taken = adjustments::of_deltas(tx, kept.iter().map(|delta| delta.id).collect()).await?;
    let mut shown = Vec::with_capacity(kept.len());
    for kept in kept {
        let of = corrections.get(&kept.correction).ok_or_else(|| Error::internal("a delta of no correction"))?;
        let all = taken.remove(&kept.id).unwrap_or_default();
        let adjustments: Vec<_> = all.into_iter().filter_map(|one| one.as_of(known_at)).collect();
        let settled = adjustments.iter().filter(|one| one.stage == adjustments::Stage::Settled);
        let left = settled.map(|one| one.amounts.minor).try_fold(kept.owed.delta.difference()?, i64::checked_sub);
        let left = left.ok_or(SettlementError::TooLarge(settlement_domain::Beyond::Pool))?;
        let (reason, cards_version) = (of.reckoned.reason.clone(), of.cards_version);
        let left_minor = kept.approved_at.is_some().then_some(left);
        let (whole, payers) = (of.target(), Vec::new());
        shown.push(DeltaShown { kept, whole, payers, reason, cards_version, left_minor, adjustments });
    }
    Ok(shown)
}
