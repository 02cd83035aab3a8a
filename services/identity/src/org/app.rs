//! Writing, moving and listing org units.

use jiff::civil::Date;
use tally_access::OpContext;
use tally_kernel::id::OrgUnitId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::Audit;

use super::domain::{self, OrgError, Unit, UnitRow};
use super::store;
use crate::imported::Imported;
use crate::policy::{ImportOrgUnits, ListOrgUnits, MoveOrgUnit};
use crate::{App, access, tenant};

/// Units to write.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) request_id: String,
    pub(crate) body: [u8; 32],
    pub(crate) rows: Vec<UnitRow>,
}

/// A unit to move.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    pub(crate) request_id: String,
    pub(crate) body: [u8; 32],
    pub(crate) unit: OrgUnitId,
    pub(crate) parent: OrgUnitId,
    pub(crate) from: Date,
}

/// Writes units by path with their missing parents. Rows that cannot be written are told apart; the others are written.
///
/// # Errors
/// `PERMISSION_DENIED` when one of the new units is out of the caller's reach: then nothing is written.
pub(crate) async fn import(app: &App, ctx: &OpContext, wanted: &Import) -> Result<Imported> {
    // Where the rows lead is known only with the tree at hand: the targets are checked below, in the transaction.
    let permit = ctx.permit_all::<ImportOrgUnits>([])?;
    app.store
        .retry(ctx, || async {
            let mut unit = app.store.unit(ctx, &permit).await?;
            if let Some(done) = unit.replay::<Imported>(&wanted.request_id, &wanted.body).await? {
                return Ok(done);
            }
            let facts = access::store::hold(&unit, ctx).await?;
            let regions = tenant::store::get(&unit).await?.regions;
            let mut tree = store::tree(&unit).await?;
            let plan = domain::plan_import(&mut tree, &wanted.rows, &regions, || ctx.new_id());
            ctx.permit_all::<ImportOrgUnits>(plan.targets)?;
            store::insert(&unit, ctx, &plan.new).await?;
            if !plan.new.is_empty() {
                access::store::advance(&unit, ctx, facts).await?;
            }
            let audit = Audit::new("identity.org.import", "org_unit", "import").note("written", plan.written);
            unit.commit(audit.after(&wanted.body), Imported::new(plan.written, plan.unchanged, plan.problems)).await
        })
        .await
}

/// Moves a unit below another parent from a date on.
///
/// # Errors
/// See [`OrgError`]; `PERMISSION_DENIED` when the unit or the new parent is out of reach.
pub(crate) async fn move_unit(app: &App, ctx: &OpContext, wanted: &Move) -> Result<Unit> {
    let permit = ctx.permit_all::<MoveOrgUnit>([])?;
    app.store
        .retry(ctx, || async {
            let mut unit = app.store.unit(ctx, &permit).await?;
            if let Some(done) = unit.replay::<Unit>(&wanted.request_id, &wanted.body).await? {
                return Ok(done);
            }
            let facts = access::store::hold(&unit, ctx).await?;
            let tree = store::tree(&unit).await?;
            for id in [wanted.unit, wanted.parent] {
                let state = tree.at(id, wanted.from).ok_or(OrgError::UnitUnknown(id))?;
                ctx.permit::<MoveOrgUnit>(&state.target())?;
            }
            let plan = domain::plan_move(&tree, wanted.unit, wanted.parent, wanted.from, || ctx.new_id())?;
            store::supersede(&unit, plan.closes, ctx.now()).await?;
            let new: Vec<_> = plan.before.into_iter().chain([plan.after]).collect();
            store::insert(&unit, ctx, &new).await?;
            access::store::advance(&unit, ctx, facts).await?;
            let tree = store::tree(&unit).await?;
            let moved = tree.at(wanted.unit, wanted.from).and_then(|state| tree.unit(state, wanted.from));
            let moved = moved.ok_or_else(|| Error::internal("a moved unit that is nowhere"))?;
            unit.commit(Audit::new("identity.org.move", "org_unit", moved.id).region(&moved.region), moved.clone())
                .await
        })
        .await
}

/// Units of a date that the caller reaches, by path.
///
/// # Errors
/// `PERMISSION_DENIED` when the caller reaches none.
pub(crate) async fn list(app: &App, ctx: &OpContext, as_of: Option<Date>, page: &Page) -> Result<(Vec<Unit>, String)> {
    let plan = ctx.plan::<ListOrgUnits>()?;
    let tx = app.store.read(ctx).await?;
    let day = match as_of {
        Some(day) => day,
        None => crate::views::today(ctx, &tenant::store::get(&tx).await?.zone)?,
    };
    let mut units = store::tree(&tx).await?.as_of(day);
    units.retain(|unit| plan.covers(&tally_access::Target::unit(unit.region.clone(), unit.id)));
    // The key says where to go on: the empty path of the root comes first and is after nothing.
    let after = |unit: &Unit| page.after.as_ref().is_none_or(|after| unit.path.as_str() > after.as_str());
    units.retain(after);
    units.truncate(page.size as usize + 1);
    let next = page.cut(&mut units, |unit| unit.path.clone());
    Ok((units, next))
}
