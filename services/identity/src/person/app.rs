//! Writing people, ending employments, reading people.

use std::collections::HashMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_access::{OpContext, Permission, Region, Target};
use tally_kernel::id::PersonId;
use tally_kernel::page::Page;
use tally_kernel::time::Period;
use tally_kernel::{Error, Result};
use tally_store::Audit;

use super::domain::{self, Person, PersonRow};
use super::store::{self, Key};
use crate::imported::Imported;
use crate::org::domain::OrgTree;
use crate::policy::{EndEmployment, GetPerson, ImportPeople, ListPeople};
use crate::{App, access, leaving, org, tenant};

/// People to write.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) request_id: String,
    pub(crate) body: [u8; 32],
    pub(crate) rows: Vec<PersonRow>,
}

/// An employment to end.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) request_id: String,
    pub(crate) body: [u8; 32],
    pub(crate) person: PersonId,
    pub(crate) last_day: Date,
}

/// A person as the caller may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// The person with the employments in reach.
    pub(crate) person: Person,
    /// The unit's path for each of them, as of its start.
    pub(crate) paths: Vec<String>,
    /// Whether the caller may know who it is.
    pub(crate) named: bool,
}

/// Writes people by number. Rows that cannot be written are told apart; the others are written.
///
/// # Errors
/// `PERMISSION_DENIED` when one of the units is out of the caller's reach: then nothing is written.
pub(crate) async fn import(app: &App, ctx: &OpContext, wanted: &Import) -> Result<Imported> {
    let permit = ctx.permit_all::<ImportPeople>([])?;
    app.store
        .retry(ctx, || async {
            let mut unit = app.store.unit(ctx, &permit).await?;
            if let Some(done) = unit.replay::<Imported>(&wanted.request_id, &wanted.body).await? {
                return Ok(done);
            }
            let facts = access::store::hold(&unit, ctx).await?;
            let group = tenant::store::get(&unit).await?;
            let tree = org::store::tree(&unit).await?;
            let numbers = wanted.rows.iter().map(|row| row.employee_no.trim().to_owned()).collect();
            let known = store::by_numbers(&unit, numbers).await?;
            let plan = domain::plan_import(known, &tree, &wanted.rows, &group.zone, || ctx.new_id());
            ctx.permit_all::<ImportPeople>(plan.targets())?;
            store::insert_people(&unit, ctx, &homes(&plan)).await?;
            let changed = !plan.employments.is_empty();
            store::insert_employments(&unit, ctx, plan.employments).await?;
            if changed {
                access::store::advance(&unit, ctx, facts).await?;
            }
            let audit = Audit::new("identity.person.import", "person", "import").note("written", plan.written);
            unit.commit(audit.after(&wanted.body), Imported::new(plan.written, plan.unchanged, plan.problems)).await
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

/// Ends the employment that covers the last day.
///
/// # Errors
/// See [`domain::PersonError`]; `NOT_FOUND` for a person out of reach.
pub(crate) async fn end(app: &App, ctx: &OpContext, wanted: &End) -> Result<Seen> {
    let permit = ctx.permit_all::<EndEmployment>([])?;
    app.store
        .retry(ctx, || async {
            let mut unit = app.store.unit(ctx, &permit).await?;
            if let Some(done) = unit.replay::<Seen>(&wanted.request_id, &wanted.body).await? {
                return Ok(done);
            }
            let facts = access::store::hold(&unit, ctx).await?;
            let key = Key::Id(wanted.person);
            let missing = || Error::not_found("person", wanted.person);
            let person = store::get(&unit, &key).await?.ok_or_else(missing)?;
            if !person.employments.iter().any(|e| ctx.may(Permission::PersonWrite, &e.target(person.id))) {
                return Err(missing());
            }
            let (closes, ended) = domain::end(&person.employments, wanted.last_day, ctx.new_id())?;
            ctx.permit::<EndEmployment>(&ended.target(person.id))?;
            store::supersede(&unit, closes, ctx.now()).await?;
            let region = ended.region.clone();
            let gone = leaving::take_hold(&unit, ctx, person.id, wanted.last_day).await?;
            store::insert_employments(&unit, ctx, [(person.id, person.employee_no, ended)]).await?;
            access::store::advance(&unit, ctx, facts).await?;
            let person = store::get(&unit, &key).await?.ok_or_else(missing)?;
            let seen = seen(ctx, person, &org::store::tree(&unit).await?);
            let audit = Audit::new("identity.employment.end", "person", wanted.person).region(&region);
            unit.commit(audit.note("sessions_and_grants_ended", gone), seen).await
        })
        .await
}

/// One person, by id or number.
///
/// # Errors
/// `NOT_FOUND` for nobody, and for somebody out of reach.
pub(crate) async fn get(app: &App, ctx: &OpContext, key: &Key) -> Result<Seen> {
    ctx.plan::<GetPerson>()?;
    let tx = app.store.read(ctx).await?;
    let missing = || match key {
        Key::Id(id) => Error::not_found("person", id),
        Key::EmployeeNo(number) => Error::not_found("person", number),
    };
    let mut person = store::get(&tx, key).await?.ok_or_else(missing)?;
    let id = person.id;
    person.employments.retain(|e| ctx.may(Permission::PersonRead, &e.target(id)));
    if person.employments.is_empty() {
        return Err(missing());
    }
    let seen = seen(ctx, person, &org::store::tree(&tx).await?);
    // Who may not read a number may not find out by it either.
    match key {
        Key::EmployeeNo(_) if !seen.named => Err(missing()),
        Key::EmployeeNo(_) | Key::Id(_) => Ok(seen),
    }
}

/// People by number, of those whose employment the caller reaches.
///
/// # Errors
/// `PERMISSION_DENIED` when the caller reaches nobody.
pub(crate) async fn list(
    app: &App,
    ctx: &OpContext,
    period: Option<Period>,
    page: &Page,
) -> Result<(Vec<Seen>, String)> {
    let plan = ctx.plan::<ListPeople>()?;
    let after = page.after.as_deref().map(str::parse::<PersonId>).transpose()?;
    let tx = app.store.read(ctx).await?;
    let mut people = store::list(&tx, &plan, period, after, u64::from(page.size) + 1).await?;
    let next = page.cut(&mut people, |person| person.id.to_string());
    let tree = org::store::tree(&tx).await?;
    Ok((people.into_iter().map(|person| seen(ctx, person, &tree)).collect(), next))
}

fn seen(ctx: &OpContext, person: Person, tree: &OrgTree) -> Seen {
    let targets = person.employments.iter().map(|e| e.target(person.id));
    let named = targets.into_iter().any(|target: Target| ctx.may(Permission::PersonReadPii, &target));
    let paths = person.employments.iter().map(|e| tree.path(e.unit, e.from).unwrap_or_default()).collect();
    Seen { person, paths, named }
}
