//! Writing, changing and listing org units.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_access::{OpContext, Rpc};
use tally_app::import::Import;
use tally_app::{RequestKey, mutate};
use tally_kernel::id::OrgUnitId;
use tally_kernel::import::ImportOutcome;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::Audit;

use super::domain::{self, Command, OrgError, OrgTree, Unit, UnitRow};
use super::store;
use crate::catalogue::domain::Catalogue;
use crate::person::domain::Employment;
use crate::policy::{ChangeEmployment, ImportOrgUnits, ListOrgUnits};
use crate::{App, person, revision, tenant};

/// A change of units from a day on.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) request: RequestKey,
    pub(crate) command: Command,
    pub(crate) from: Date,
    /// Whether it may begin before the month that goes on now.
    pub(crate) backdated: bool,
}

/// The unit that a change was about, and how many employments moved with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed {
    pub(crate) unit: Unit,
    pub(crate) moved: u32,
}

/// Which units are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) as_of: Option<Date>,
    /// The last of several days, of which the other is the first.
    pub(crate) through: Option<Date>,
    pub(crate) known_at: Option<Timestamp>,
    /// Only these, also where they are not there on the day.
    pub(crate) units: Option<Vec<OrgUnitId>>,
    /// Those as well that were closed before the day.
    pub(crate) with_gone: bool,
}

/// Writes units by path with their missing parents. Rows that cannot be written are told apart; the others are written.
///
/// # Errors
/// `PERMISSION_DENIED` when one of the new units is out of the caller's reach: then nothing is written.
pub(crate) async fn import(app: &App, ctx: &OpContext, wanted: &Import<UnitRow>) -> Result<ImportOutcome> {
    // Where the rows lead is known only with the tree at hand: the targets are checked below, in the transaction.
    let permit = ctx.permit_all::<ImportOrgUnits>([])?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let facts = revision::facts::hold(&work, ctx).await?;
        let regions = tenant::facts::get(&work).await?.regions;
        let mut tree = store::tree(&work).await?;
        let plan = domain::plan_import(&mut tree, &wanted.rows, &regions, || ctx.new_id());
        ctx.permit_all::<ImportOrgUnits>(plan.targets)?;
        store::insert(&work, ctx, ctx.now(), &plan.new).await?;
        if !plan.new.is_empty() {
            revision::facts::advance(&work, ctx, facts).await?;
        }
        let audit = Audit::new("identity.org.import", "org_unit", "import").note("written", plan.written);
        let outcome = ImportOutcome::new(plan.written, plan.unchanged, plan.problems);
        Ok((work, audit.after(wanted.request.digest()), outcome))
    })
    .await
}

/// Moves, renames, closes or merges units from a day on. People of a unit that is no more go where the change says.
///
/// # Errors
/// See [`OrgError`]; `PERMISSION_DENIED` when one of the units, or of the people who go with them, is out of reach.
pub(crate) async fn change<R: Rpc>(app: &App, ctx: &OpContext, wanted: &Wanted) -> Result<Changed> {
    let permit = ctx.permit_all::<R>([])?;
    let Wanted { command, from, backdated, .. } = wanted;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let (now, facts) = (ctx.now(), revision::facts::hold(&work, ctx).await?);
        let tree = store::tree(&work).await?;
        let today = tenant::facts::today(&work, ctx).await?;
        for id in command.names() {
            let there = tree.at(id, *from).ok_or_else(|| not_there::<R>(ctx, &tree, id, *from));
            let target = there?.target();
            ctx.permit::<R>(&target)?;
            // Whom it was under since then has those days, and not whom it is under by now.
            let turns = tree.turns(id, (*from, today.max(*from)));
            ctx.permit_all::<R>(turns.into_iter().map(|day| target.clone().on(day)))?;
        }
        let first = today.first_of_month();
        // Another name shows nothing to anybody else.
        let late = *from < first && !matches!(command, Command::Rename { .. });
        if late && !backdated {
            return Err(OrgError::Backdated { from: *from, first }.into());
        }
        let (change, after) = domain::plan(&tree, command, *from, || ctx.new_id())?;
        let moved = rehouse(&work, ctx, (&tree, &after), command, (*from, today)).await?;
        store::change(&work, ctx, now, &change).await?;
        revision::facts::advance(&work, ctx, facts).await?;
        let about = command.subject();
        // A unit that is no more is told as it was on its last day.
        let last = from.yesterday().unwrap_or(*from);
        let told = [(&after, *from), (&after, last), (&tree, *from)];
        let told = told.iter().find_map(|(tree, day)| tree.at(about, *day).and_then(|s| tree.unit(s, *day)));
        let told = told.ok_or_else(|| Error::internal("a changed unit that is nowhere"))?;
        let audit = Audit::new(command.into(), "org_unit", about).region(&told.region).note("moved", moved);
        let audit = if late { audit.note("backdated", from) } else { audit };
        Ok((work, audit, Changed { unit: told, moved }))
    })
    .await
}

/// Why a unit is not there on a day. When it was closed, and where its people went, is told to whoever reached it on its last day.
fn not_there<R: Rpc>(ctx: &OpContext, tree: &OrgTree, id: OrgUnitId, from: Date) -> OrgError {
    let last = tree.closes(id).filter(|last| *last < from);
    let was = last.and_then(|last| Some((tree.at(id, last)?.target().on(last), last)));
    match was.filter(|(target, _)| ctx.permit::<R>(target).is_ok()) {
        Some((_, last)) => tree.closing(id, last),
        None => OrgError::UnitUnknown(id),
    }
}

/// Moves the people of units that are no more: how many employments.
async fn rehouse(
    unit: &tally_store::UnitOfWork,
    ctx: &OpContext,
    (before, after): (&OrgTree, &OrgTree),
    command: &Command,
    (from, today): (Date, Date),
) -> Result<u32> {
    let employed = person::facts::of_units(unit, command.closes(), from).await?;
    if employed.is_empty() {
        return Ok(0);
    }
    let to = command.people_to().ok_or(OrgError::HasPeople(employed.len()))?;
    let to = after.at(to, from).filter(|to| !to.region.is_global()).ok_or(OrgError::PeopleToNowhere)?.unit;
    let facts = person::domain::Facts { tree: after, catalogue: &Catalogue::default(), today, replays: false };
    let (mut closes, mut writes) = (Vec::new(), Vec::new());
    for (person, number, old) in &employed {
        let changes = person::domain::reassign(*person, old, facts, to, from, || ctx.new_id())?;
        let (days, goes) = (facts.so_far(from.max(old.from), old.to), Employment { unit: to, ..old.clone() });
        let past = [old.targets(*person, before, days), goes.targets(*person, after, days)];
        ctx.permit_all::<ChangeEmployment>(changes.targets.into_iter().chain(past.into_iter().flatten()))?;
        closes.extend(changes.employments.closes);
        writes.extend(changes.employments.writes.into_iter().map(|new| (*person, number.clone(), new)));
    }
    person::facts::change_employments(unit, ctx, ctx.now(), &closes, writes).await?;
    Ok(u32::try_from(employed.len()).unwrap_or(u32::MAX))
}

/// A page of units.
pub(crate) struct Listed {
    pub(crate) units: Vec<Unit>,
    pub(crate) next: String,
    /// With the first page of a single day: those that were closed before it and whose people went to another unit.
    pub(crate) gone: Vec<Unit>,
}

/// Units of a date that the caller reaches, by path.
///
/// # Errors
/// `PERMISSION_DENIED` when the caller reaches none.
pub(crate) async fn list(app: &App, ctx: &OpContext, asked: Asked, page: &Page) -> Result<Listed> {
    let plan = ctx.plan::<ListOrgUnits>()?;
    let tx = app.store.read(ctx).await?;
    let day = match asked.as_of {
        Some(day) => day,
        None => tenant::facts::today(&tx, ctx).await?,
    };
    let tree = store::tree_as_known(&tx, asked.known_at).await?;
    let last = asked.through.unwrap_or(day);
    let mut units = match (&asked.units, asked.through) {
        (None, None) => tree.as_of(day),
        (None, Some(last)) => tree.through(day, last),
        (Some(units), _) => tree.nearest(units, day),
    };
    let reached = |unit: &Unit, day| plan.covers(&tally_access::Target::unit(unit.region.clone(), unit.id).on(day));
    units.retain(|unit| {
        let on = |day| reached(unit, day);
        // What is of a closed unit is where its people went from then on.
        let after = unit.into.and_then(|_| unit.to?.tomorrow().ok()).filter(|next| *next <= last);
        on(day.max(unit.from).min(last)) || on(last.min(unit.to.unwrap_or(last)).max(day)) || after.is_some_and(on)
    });
    // The key says where to go on: the empty path of the root comes first and is after nothing. On several days, and of those that are
    // no more, several may have had one path.
    let several = asked.units.is_some() || asked.through.is_some();
    let mut gone = if asked.with_gone && !several && page.after.is_none() { tree.gone(day) } else { Vec::new() };
    gone.retain(|unit| reached(unit, day));
    let key = |unit: &Unit| match several {
        false => unit.path.clone(),
        true => format!("{}\n{}\n{}", unit.path, unit.id, unit.from),
    };
    units.retain(|unit| page.after.as_ref().is_none_or(|after| key(unit) > *after));
    units.truncate(page.size as usize + 1);
    let next = page.cut(&mut units, key);
    Ok(Listed { units, next, gone })
}
