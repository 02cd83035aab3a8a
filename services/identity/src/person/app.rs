//! Writing people, changing and ending employments, reading people.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_access::{ActorKind, OpContext, Permission, Region, Rpc, Target};
use tally_app::import::Import;
use tally_app::{RequestKey, mutate};
use tally_kernel::dated::Dated as _;
use tally_kernel::id::PersonId;
use tally_kernel::import::ImportOutcome;
use tally_kernel::page::Page;
use tally_kernel::{Error, IdNumber, Kind, Result, msg};
use tally_store::{Audit, UnitOfWork};

use super::domain::{self, Change, Changes, Facts, Key, Person, PersonRow, Rectification};
use super::store;
use crate::org::domain::OrgTree;
use crate::policy::{ChangeEmployment, EndEmployment, GetPerson, ImportPeople, ListPeople, RectifyPerson};
use crate::{App, catalogue, erasure, org, revision, tenant, termination};

/// An employment to end.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) request: RequestKey,
    pub(crate) person: PersonId,
    pub(crate) last_day: Date,
}

/// A change of somebody's employments.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) request: RequestKey,
    pub(crate) person: PersonId,
    pub(crate) change: Change,
}

/// Who a person is, put right.
#[derive(Clone, Debug)]
pub(crate) struct Rectify {
    pub(crate) request: RequestKey,
    pub(crate) person: PersonId,
    pub(crate) right: Rectification,
}

/// How the person that is asked for is named.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// By id or employee number.
    Key(Key),
    /// By the number of the identity document.
    IdNumber(IdNumber),
}

/// Which person is asked for, as of which day, as known when.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) by: By,
    pub(crate) as_of: Option<Date>,
    pub(crate) known_at: Option<Timestamp>,
}

/// A person with the facts that the caller may see; what a data class hides is cleared when it is rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// The person with the employments in reach.
    pub(crate) person: Person,
    /// The unit's path for each of them, as of its start.
    pub(crate) paths: Vec<String>,
}

impl Seen {
    /// What reading who the person is is decided on: any of them will do.
    pub(crate) fn targets(&self) -> Vec<Target> {
        self.person.employments.iter().map(|e| e.read_target(self.person.id)).collect()
    }
}

/// Writes people by number. Rows that cannot be written, and those out of the caller's reach, are told apart; the others are written.
///
/// # Errors
/// `PERMISSION_DENIED` when nothing in the rows is in the caller's reach: then nothing is written.
pub(crate) async fn import(app: &App, ctx: &OpContext, wanted: &Import<PersonRow>) -> Result<ImportOutcome> {
    let permit = ctx.permit_all::<ImportPeople>([])?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let facts = revision::facts::hold(&work, ctx).await?;
        let group = tenant::facts::get(&work).await?;
        let tree = org::facts::tree(&work).await?;
        let numbers = wanted.rows.iter().map(|(_, row)| row.employee_no.trim().to_owned()).collect();
        let known = store::by_numbers(&work, numbers).await?;
        let numbers = wanted.rows.iter().filter_map(|(_, row)| IdNumber::parse(&row.id_number).ok()).collect();
        let holders = store::holders(&work, numbers).await?;
        let catalogue = catalogue::facts::get(&work, None).await?;
        let today = group.day(ctx.now())?;
        let judged_by = Facts { tree: &tree, catalogue: &catalogue, today, replays: app.replays };
        let within = |target: &Target| {
            ctx.permit::<ImportPeople>(target).map_or_else(|no| no.kind() != Kind::PermissionDenied, |_| true)
        };
        let plan = domain::plan_import(known, holders, judged_by, &wanted.rows, &group.zone, within, || ctx.new_id());
        if let Some(target) = plan.denied() {
            ctx.permit::<ImportPeople>(target)?;
        }
        ctx.permit_all::<ImportPeople>(plan.targets(judged_by))?;
        store::insert_people(&work, ctx, &homes(&plan)).await?;
        let changed = !plan.employments.is_empty();
        store::insert_employments(&work, ctx, ctx.now(), plan.employments).await?;
        if changed {
            revision::facts::advance(&work, ctx, facts).await?;
        }
        let audit = Audit::new("identity.person.import", "person", "import").note("written", plan.written);
        let outcome = ImportOutcome::new(plan.written, plan.unchanged, plan.problems);
        Ok((work, audit.after(wanted.request.digest()), outcome))
    })
    .await
}

/// New people with the region of their first employment.
fn homes(plan: &domain::ImportPlan) -> Vec<(Person, String)> {
    let mut first = HashMap::new();
    for (person, _, employment) in &plan.employments {
        first.entry(*person).or_insert(&employment.region);
    }
    let region = |person: &Person| first.get(&person.id).map_or(Region::GLOBAL, |region| region.as_str()).to_owned();
    plan.people.iter().map(|person| (person.clone(), region(person))).collect()
}

/// Ends the home employment that covers the last day, and what is beside it.
///
/// # Errors
/// See [`domain::PersonError`]; `NOT_FOUND` for a person out of reach.
pub(crate) async fn end(app: &App, ctx: &OpContext, wanted: &End) -> Result<Seen> {
    write::<EndEmployment>(app, ctx, &wanted.request, wanted.person, "identity.employment.end", |person, _| {
        Ok(domain::end(person, wanted.last_day, || ctx.new_id())?)
    })
    .await
}

/// Changes somebody's employments.
///
/// # Errors
/// See [`domain::PersonError`]; `NOT_FOUND` for a person out of reach.
pub(crate) async fn change(app: &App, ctx: &OpContext, wanted: &Wanted) -> Result<Seen> {
    write::<ChangeEmployment>(app, ctx, &wanted.request, wanted.person, (&wanted.change).into(), |person, facts| {
        Ok(domain::plan(person, facts, &wanted.change, || ctx.new_id())?)
    })
    .await
}

/// Puts right who a person is.
///
/// # Errors
/// See [`domain::PersonError`]; `NOT_FOUND` for a person out of reach.
pub(crate) async fn rectify(app: &App, ctx: &OpContext, wanted: &Rectify) -> Result<Seen> {
    let permit = ctx.permit_all::<RectifyPerson>([])?;
    let missing = || Error::not_found("person", wanted.person);
    app.store
        .retry(ctx, || async {
            let mut work = app.store.unit(ctx, &permit).await?;
            if let Some(done) = replayed(&mut work, &wanted.request).await? {
                return Ok(done);
            }
            // Imports look people up by number: they wait.
            let facts = revision::facts::hold(&work, ctx).await?;
            let person = store::get(&work, &Key::Id(wanted.person)).await?.ok_or_else(missing)?;
            let today = tenant::facts::today(&work, ctx).await?;
            let home = person.home(today).ok_or_else(missing)?.target(person.id);
            ctx.permit_read::<RectifyPerson>(&home, "person", person.id)?;
            erasure::facts::refuse_erased(&work, wanted.person).await?;
            let (person, changed) = domain::rectify(&person, &wanted.right)?;
            store::rectify(&work, &person).await?;
            // Other services keep numbers and zones by the revision.
            revision::facts::advance(&work, ctx, facts).await?;
            let audit = Audit::new("identity.person.rectify", "person", person.id).note("fields", changed.join(" "));
            let audit = audit.region(&home.region.unwrap_or_else(Region::global));
            let tree = org::facts::tree(&work).await?;
            work.commit(audit, seen(in_reach(ctx, person), &tree)).await
        })
        .await
}

/// The kept result of the same request, with what was left out. Why its callers are not `mutate`:
/// that gives it as it is.
async fn replayed(work: &mut UnitOfWork, request: &RequestKey) -> Result<Option<Seen>> {
    let Some(mut seen) = request.first_result::<Seen>(work).await? else { return Ok(None) };
    store::complete(work, &mut seen.person).await?;
    Ok(Some(seen))
}

/// Writes what is decided about a person, and gives the person as it is then.
async fn write<R: Rpc>(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    id: PersonId,
    action: &'static str,
    decide: impl Fn(&Person, Facts<'_>) -> Result<Changes>,
) -> Result<Seen> {
    let permit = ctx.permit_all::<R>([])?;
    app.store
        .retry(ctx, || async {
            let mut work = app.store.unit(ctx, &permit).await?;
            if let Some(done) = replayed(&mut work, request).await? {
                return Ok(done);
            }
            let (now, facts) = (ctx.now(), revision::facts::hold(&work, ctx).await?);
            let missing = || Error::not_found("person", id);
            let person = store::get(&work, &Key::Id(id)).await?.ok_or_else(missing)?;
            if !person.employments.iter().any(|e| ctx.may(Permission::PersonWrite, &e.target(id))) {
                return Err(missing());
            }
            erasure::facts::refuse_erased(&work, id).await?;
            let tree = org::facts::tree(&work).await?;
            let catalogue = catalogue::facts::get(&work, None).await?;
            let today = tenant::facts::today(&work, ctx).await?;
            let judged_by = Facts { tree: &tree, catalogue: &catalogue, today, replays: app.replays };
            let changes = decide(&person, judged_by)?;
            let region = changes.targets.first().and_then(|target| target.region.clone());
            let past = domain::rewritten(&person, &changes, judged_by);
            ctx.permit_all::<R>(changes.targets.into_iter().chain(past))?;
            let new = changes.employments.writes.into_iter().map(|new| (id, person.employee_no.clone(), new));
            store::change_employments(&work, ctx, now, &changes.employments.closes, new).await?;
            store::change_leaves(&work, ctx, now, id, &changes.leaves).await?;
            revision::facts::advance(&work, ctx, facts).await?;
            let person = store::get(&work, &Key::Id(id)).await?.ok_or_else(missing)?;
            let gone = match person.last_day() {
                Some(last) => termination::take_hold(&work, ctx, id, last).await?,
                None => 0,
            };
            let audit = Audit::new(action, "person", id).region(&region.unwrap_or_else(Region::global));
            let audit = audit.about(id).note("sessions_and_grants_ended", gone);
            work.commit(audit, seen(in_reach(ctx, person), &tree)).await
        })
        .await
}

/// One person, by id or number.
///
/// # Errors
/// `NOT_FOUND` for nobody, and for somebody out of reach. Who may not read a number may not find out by it either.
pub(crate) async fn get(app: &App, ctx: &OpContext, asked: &Asked) -> Result<Seen> {
    ctx.plan::<GetPerson>()?;
    let tx = app.store.read(ctx).await?;
    let (keys, opener) = match &asked.by {
        By::Key(key @ Key::Id(_)) => (vec![key.clone()], None),
        By::Key(key @ Key::EmployeeNo(_)) => (vec![key.clone()], Some(Permission::PersonReadPii)),
        By::IdNumber(number) => {
            let holders = store::holders_of(&tx, number).await?.into_iter().map(Key::Id);
            (holders.collect(), Some(Permission::PersonReadIdNumber))
        }
    };
    for key in keys {
        let Some(person) = store::get_as_known(&tx, &key, asked.known_at).await? else { continue };
        let mut person = in_reach(ctx, person);
        if let Some(day) = asked.as_of {
            person.employments.retain(|e| e.covers(day));
            person.leaves.retain(|l| l.covers(day));
        }
        if person.employments.is_empty() {
            continue;
        }
        let seen = seen(person, &org::facts::tree_as_known(&tx, asked.known_at).await?);
        if opener.is_none_or(|p| seen.targets().iter().any(|target| ctx.may(p, target))) {
            return Ok(seen);
        }
    }
    Err(match &asked.by {
        By::Key(Key::Id(id)) => Error::not_found("person", id),
        By::Key(Key::EmployeeNo(number)) => Error::not_found("person", number),
        // The number stays out of messages.
        By::IdNumber(_) => Error::of(Kind::NotFound, msg!("NOT_FOUND.id_number")).with("resource", "person"),
    })
}

/// A person with the employments and leaves that the caller may read.
fn in_reach(ctx: &OpContext, mut person: Person) -> Person {
    let id = person.id;
    person.employments.retain(|e| ctx.may(Permission::PersonRead, &e.read_target(id)));
    person.leaves.retain(|l| ctx.may(Permission::PersonRead, &l.read_target(id)));
    person
}

/// A page of people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed {
    pub(crate) people: Vec<Seen>,
    /// Token of the next page.
    pub(crate) next: String,
    /// The people are as new as this revision, or newer.
    pub(crate) revision: u64,
    /// They are those of the revision that the caller knows.
    pub(crate) unchanged: bool,
}

/// People by number, of those whose employment the caller reaches. A service that knows them as of the newest revision
/// already is told so: what it reaches does not depend on the hour.
///
/// # Errors
/// `PERMISSION_DENIED` when the caller reaches nobody.
pub(crate) async fn list(
    app: &App,
    ctx: &OpContext,
    about: store::Wanted,
    known_revision: u64,
    page: &Page,
) -> Result<Listed> {
    let plan = ctx.plan::<ListPeople>()?;
    let after = page.after.as_deref().map(str::parse::<PersonId>).transpose()?;
    let tx = app.store.read(ctx).await?;
    // Before the people: what is written meanwhile is one more revision.
    let revision = revision::facts::revision(&tx).await?;
    if known_revision == revision && revision > 0 && matches!(ctx.actor.kind, ActorKind::Service(_)) {
        return Ok(Listed { revision, unchanged: true, ..Listed::default() });
    }
    let mut people = store::list(&tx, &plan, about, after, u64::from(page.size) + 1).await?;
    let next = page.cut(&mut people, |person| person.id.to_string());
    let tree = org::facts::tree_as_known(&tx, about.known_at).await?;
    let people = people.into_iter().map(|person| seen(person, &tree)).collect();
    Ok(Listed { people, next, revision, unchanged: false })
}

fn seen(person: Person, tree: &OrgTree) -> Seen {
    let paths = person.employments.iter().map(|e| tree.path(e.unit, e.from).unwrap_or_default()).collect();
    Seen { person, paths }
}
