//! Writing and reading reporting lines.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::Date;
use tally_access::{OpContext, Permission};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{PersonId, ReportingLineId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{Audit, ScopedTx};

use super::domain::{self, Line, LineKind, NewLine, ReportingError};
use super::store::{self, Wanted};
use crate::person::domain::Key;
use crate::person::domain::Person;
use crate::policy::{EndReportingLine, ListReportingLines, SetReportingLine};
use crate::{App, person, revision, tenant};

/// A line to write.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) request: RequestKey,
    pub(crate) person: PersonId,
    pub(crate) manager: PersonId,
    pub(crate) line: NewLine,
}

/// A line to end.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) request: RequestKey,
    pub(crate) line: ReportingLineId,
    pub(crate) last_day: Date,
}

/// Writes a line.
///
/// # Errors
/// See [`ReportingError`]; `NOT_FOUND` for a person or a manager out of reach.
pub(crate) async fn set(app: &App, ctx: &OpContext, wanted: &Set) -> Result<Line> {
    let permit = ctx.permit_all::<SetReportingLine>([])?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let facts = revision::facts::hold(&work, ctx).await?;
        let person = reached(&work, ctx, wanted.person, Permission::PersonWrite).await?;
        let manager = reached(&work, ctx, wanted.manager, Permission::PersonRead).await?;
        let lines = lines_above(&work, &[wanted.person, wanted.manager]).await?;
        let changes = domain::plan_set(&lines, &person, &manager, wanted.line, || ctx.new_id())?;
        ctx.permit_all::<SetReportingLine>(changes.writes.iter().map(Line::target))?;
        store::change(&work, ctx, ctx.now(), &changes).await?;
        revision::facts::advance(&work, ctx, facts).await?;
        let line = changes.writes.into_iter().last().ok_or_else(|| Error::internal("a line that is not there"))?;
        let audit = Audit::new("identity.reporting.set", "person", wanted.person).region(&line.region);
        Ok((work, audit.note("manager", wanted.manager).note("kind", line.kind), line))
    })
    .await
}

/// Ends a line.
///
/// # Errors
/// See [`ReportingError`]; `NOT_FOUND` for a line out of reach.
pub(crate) async fn end(app: &App, ctx: &OpContext, wanted: &End) -> Result<Line> {
    let permit = ctx.permit_all::<EndReportingLine>([])?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let facts = revision::facts::hold(&work, ctx).await?;
        let missing = || ReportingError::LineMissing(wanted.line);
        let line = store::get(&work, wanted.line).await?.ok_or_else(missing)?;
        ctx.permit::<EndReportingLine>(&line.target()).map_err(|_| missing())?;
        let changes = domain::plan_end(&line, wanted.last_day, || ctx.new_id())?;
        store::change(&work, ctx, ctx.now(), &changes).await?;
        revision::facts::advance(&work, ctx, facts).await?;
        let audit = Audit::new("identity.reporting.end", "person", line.person).region(&line.region);
        let ended = Line { to: Some(wanted.last_day), ..line };
        Ok((work, audit.note("manager", ended.manager), ended))
    })
    .await
}

/// Lines of a day about people in the caller's reach.
///
/// # Errors
/// `PERMISSION_DENIED` when the caller reaches nobody.
pub(crate) async fn list(app: &App, ctx: &OpContext, wanted: &Asked, page: &Page) -> Result<(Vec<Line>, String)> {
    let plan = ctx.plan::<ListReportingLines>()?;
    let tx = app.store.read(ctx).await?;
    let day = match wanted.as_of {
        Some(day) => day,
        None => tenant::facts::today(&tx, ctx).await?,
    };
    let Asked { person, manager, known_at, .. } = *wanted;
    Ok(store::list(&tx, &plan, Wanted { person, manager, day, known_at }, page).await?)
}

/// What a list is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) person: Option<PersonId>,
    pub(crate) manager: Option<PersonId>,
    pub(crate) as_of: Option<Date>,
    pub(crate) known_at: Option<Timestamp>,
}

/// The lines of these people and of everybody whom solid ones lead to, on any day.
async fn lines_above(tx: &ScopedTx, people: &[PersonId]) -> Result<Vec<Line>> {
    let (mut seen, mut found, mut level) = (HashSet::new(), Vec::new(), people.to_vec());
    while !level.is_empty() {
        seen.extend(level.iter().copied());
        let lines = store::of(tx, &level).await?;
        let above: HashSet<_> = lines.iter().filter(|l| l.kind == LineKind::Solid).map(|l| l.manager).collect();
        level = above.into_iter().filter(|manager| !seen.contains(manager)).collect();
        found.extend(lines);
    }
    Ok(found)
}

async fn reached(tx: &ScopedTx, ctx: &OpContext, id: PersonId, permission: Permission) -> Result<Person> {
    let missing = || Error::not_found("person", id);
    let found = person::facts::get(tx, &Key::Id(id)).await?.ok_or_else(missing)?;
    let reached = found.employments.iter().any(|e| ctx.may(permission, &e.target(id)));
    if reached { Ok(found) } else { Err(missing()) }
}
