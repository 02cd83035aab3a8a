//! Preparing, approving, releasing and taking in what crosses the border of a region.

use serde::{Deserialize, Serialize};
use tally_access::four_eyes::Hands;
use tally_access::{OpContext, Permit, Region, Rpc, Target};
use tally_app::units::Units;
use tally_app::{RequestKey, mutate};
use tally_engine::scoring::ScoreCard;
use tally_kernel::id::{CycleId, OrgUnitId, TransferId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{Audit, UnitOfWork, digest};

use super::domain::cells::{self, Cell, Member, UnitAt, Withheld};
use super::domain::{
    Content, Entry, FORMAT, Kind, Stage, Statement, Taken, ToldCell, Transfer, TransferError, month_of,
};
use super::store::{self, StoredCell};
use crate::App;
use crate::cycle::domain::State;
use crate::policy::{ApproveTransfer, ImportTransfer, ListCells, ListTransfers, PrepareTransfer, ReleaseTransfer};
use crate::{card, cycle, signed};

/// A transfer to prepare.
#[derive(Clone, Debug, Serialize)]
pub struct Wanted {
    /// What it is to hold; a report with its cycle.
    pub what: What,
    /// The region that it leaves, where the stack serves several.
    pub from: Option<Region>,
    /// The region that it is for.
    pub to: Region,
    pub purpose: String,
    /// What law allows it by.
    pub legal_basis: String,
}

/// What a transfer is to hold.
#[derive(Clone, Copy, Debug, Serialize)]
pub enum What {
    /// Cells of a cycle.
    Report(CycleId),
    /// The pseudonyms of the region.
    Directory,
}

/// What was prepared, and what stays out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// The entry of the register.
    pub transfer: Transfer,
    /// Units that stay out, and why.
    pub withheld: Vec<(OrgUnitId, Withheld)>,
}

/// What may go into a transfer, before it is known what left already.
enum Material {
    Report { month: String, cells: Vec<Cell> },
    Directory(Vec<Entry>),
}

/// Works out what may cross, and enters it in the register.
///
/// # Errors
/// See [`TransferError`]; `PERMISSION_DENIED`, `REGION_NOT_SERVED`, and what peers answer.
pub async fn prepare(app: &App, ctx: &OpContext, request: &RequestKey, wanted: &Wanted) -> Result<Prepared> {
    let regions = app.peers.regions(ctx).await?;
    let from = signed::app::origin(&ctx.regions, &regions, wanted.from.as_ref())?;
    let permit = ctx.permit::<PrepareTransfer>(&Target::region(from.clone()))?;
    if wanted.to == from {
        return Err(TransferError::SameRegion(from).into());
    }
    if !regions.contains(&wanted.to) {
        return Err(TransferError::RegionUnknown(wanted.to.clone()).into());
    }
    let material = match wanted.what {
        What::Report(cycle) => report(app, ctx, cycle, &from).await?,
        What::Directory => Material::Directory(app.peers.directory(ctx, &from).await?),
    };
    let body = digest(&serde_json::to_vec(wanted).map_err(Error::internal)?);
    mutate(&app.store, ctx, &permit, request, async |work| {
        let transfer = Transfer {
            id: TransferId(ctx.new_id()),
            kind: Kind::Directory,
            from: from.clone(),
            to: wanted.to.clone(),
            purpose: wanted.purpose.clone(),
            legal_basis: wanted.legal_basis.clone(),
            month: String::new(),
            items: 0,
            stage: Stage::Prepared,
            prepared: taken(ctx, &permit),
            approved: None,
            released: None,
            dropped: None,
        };
        let prepared = enter(&work, ctx, transfer, &material).await?;
        let audit = Audit::new("performance.transfer.prepare", "transfer", prepared.transfer.id).region(&from);
        let audit = audit.note("to", &wanted.to).note("items", prepared.transfer.items);
        Ok((work, audit.after(&body), prepared))
    })
    .await
}

/// The cells of a cycle's month in a region.
async fn report(app: &App, ctx: &OpContext, id: CycleId, from: &Region) -> Result<Material> {
    let cycle = { cycle::facts::load(&*app.store.read(ctx).await?, id).await? };
    let month = month_of(cycle.period)?;
    let run = cycle.run.filter(|_| cycle.state == State::Published).ok_or(TransferError::NotPublished)?;
    let last = cycle.period.to();
    let units = Units::of(&app.peers.identity, ctx, Some(last)).await?;
    let there = units.iter().filter(|unit| unit.region == *from || unit.region.is_global()).map(|unit| UnitAt {
        // Below a branch names may be people's: "Li Na's team".
        name: if unit.path.contains('/') { String::new() } else { unit.name.clone() },
        id: unit.id,
        parent: unit.parent,
    });
    let cards = card::facts::of_region(&*app.store.read(ctx).await?, run, from).await?;
    let people = app.directory.everybody(ctx).await?;
    let trees = app.directory.trees(ctx, &people).await?;
    // Whoever left before the last day counts as in the cycle.
    let left = |card: &ScoreCard| Some(people.get(card.person)?.home(last)?.until(last));
    let counted = |card: &ScoreCard| trees.counted_in(card.unit, left(card).unwrap_or(last), last);
    let members = cards.into_iter().map(|card| Member {
        person: card.person,
        unit: units.goes_on_in(counted(&card)).map_or(card.unit, |unit| unit.id),
        credited_ppm: card.credited_ppm,
        score: card.score,
    });
    let (units, members): (Vec<_>, Vec<_>) = (there.collect(), members.collect());
    let cells = app.compute.run("cells", move || cells::cells(&units, &members)).await?;
    Ok(Material::Report { month, cells: cells.map_err(TransferError::TooLarge)? })
}

/// Judges what may leave, and writes it.
async fn enter(work: &UnitOfWork, ctx: &OpContext, transfer: Transfer, material: &Material) -> Result<Prepared> {
    let items = |count: usize| u32::try_from(count).map_err(Error::internal);
    let (month, cells) = match material {
        Material::Directory(entries) => {
            let transfer = Transfer { items: items(entries.len())?, ..transfer };
            store::insert(work, &transfer, Some(entries)).await?;
            return Ok(Prepared { transfer, withheld: Vec::new() });
        }
        Material::Report { month, cells } => (month, cells),
    };
    let past = store::released(work, &transfer.from, month, None).await?;
    let (mut open, mut withheld) = (Vec::new(), Vec::new());
    for (cell, why) in cells::judge(cells.clone(), &past) {
        match why {
            None => open.push(cell),
            Some(why) => withheld.push((cell.unit, why)),
        }
    }
    if open.is_empty() {
        return Err(TransferError::NothingToTell.into());
    }
    let transfer = Transfer { kind: Kind::Report, month: month.clone(), items: items(open.len())?, ..transfer };
    store::insert(work, &transfer, None).await?;
    store::insert_cells(work, ctx, &transfer, &open).await?;
    Ok(Prepared { transfer, withheld })
}

/// A step that a permit takes now.
fn taken<R: Rpc>(ctx: &OpContext, permit: &Permit<R>) -> Taken {
    Taken { by: Hands::of(ctx, permit), at: ctx.now() }
}

/// Approves what somebody else prepared.
///
/// # Errors
/// See [`TransferError`]; `PERMISSION_DENIED`.
pub async fn approve(app: &App, ctx: &OpContext, request: &RequestKey, id: TransferId) -> Result<Transfer> {
    let permit = ctx.permit_all::<ApproveTransfer>([])?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock(&work, id).await?;
        let by = taken(ctx, &ctx.permit::<ApproveTransfer>(&Target::region(before.from.clone()))?);
        let after = before.approve(by)?;
        store::save(&work, &after).await?;
        let audit = Audit::new("performance.transfer.approve", "transfer", id).region(&after.from);
        Ok((work, audit, after))
    })
    .await
}

/// Ends a transfer before it leaves: whoever may prepare withdraws it, whoever may approve rejects it; `how` says which.
///
/// # Errors
/// See [`TransferError`]; `PERMISSION_DENIED`.
pub async fn drop<R: Rpc>(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    (how, id, reason): (Stage, TransferId, String),
) -> Result<Transfer> {
    let permit = ctx.permit_all::<R>([])?;
    let action = if how == Stage::Rejected { "performance.transfer.reject" } else { "performance.transfer.withdraw" };
    mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock(&work, id).await?;
        let by = taken(ctx, &ctx.permit::<R>(&Target::region(before.from.clone()))?);
        let after = before.drop(how, by, reason.clone())?;
        store::save(&work, &after).await?;
        Ok((work, Audit::new(action, "transfer", id).region(&after.from), after))
    })
    .await
}

/// The register's entry and the signed file of an approved transfer. The first time, what left meanwhile is looked at once
/// more.
///
/// # Errors
/// See [`TransferError`]; `PERMISSION_DENIED`.
pub async fn release(app: &App, ctx: &OpContext, request: &RequestKey, id: TransferId) -> Result<(Transfer, String)> {
    let permit = ctx.permit_all::<ReleaseTransfer>([])?;
    let (transfer, content) = mutate(&app.store, ctx, &permit, request, async |work| {
        // One after the other: each sees what the one before let out.
        work.lock("releases", ctx.tenant().0).await?;
        let before = store::lock(&work, id).await?;
        let by = taken(ctx, &ctx.permit::<ReleaseTransfer>(&Target::region(before.from.clone()))?);
        let first = before.stage != Stage::Released;
        let after = before.release(by)?;
        let content = content(&work, &after, first).await?;
        store::save(&work, &after).await?;
        let audit = Audit::new("performance.transfer.release", "transfer", id).region(&after.from);
        let told = digest(&serde_json::to_vec(&content).map_err(Error::internal)?);
        Ok((work, audit.note("to", &after.to).after(&told), (after, content)))
    })
    .await?;
    let file = file(app, ctx, &transfer, content)?;
    Ok((transfer, file))
}

async fn content(work: &UnitOfWork, transfer: &Transfer, first: bool) -> Result<Content> {
    if transfer.kind == Kind::Directory {
        return Ok(Content::Directory(store::entries_of(work, transfer.id).await?));
    }
    let cells = store::cells_of(work, transfer.id).await?;
    let told = cells.iter().map(ToldCell::from).collect();
    if first {
        let past = store::released(work, &transfer.from, &transfer.month, Some(transfer.id)).await?;
        if !cells::still_open(&cells, &past) {
            return Err(TransferError::Stale.into());
        }
    }
    Ok(Content::Report { month: transfer.month.clone(), cells: told })
}

/// What is told, signed.
fn file(app: &App, ctx: &OpContext, transfer: &Transfer, content: Content) -> Result<String> {
    let released = transfer.released.ok_or_else(|| Error::internal("a released transfer that nobody released"))?;
    let statement = Statement {
        format: FORMAT.to_owned(),
        transfer: transfer.id,
        tenant: ctx.tenant(),
        from: transfer.from.clone(),
        to: transfer.to.clone(),
        released_at: released.at,
        content,
    };
    signed::app::write(&app.signing, ctx.now(), &statement)
}

/// Takes in a file that the stack of another region released for this one: that region, and how much.
///
/// # Errors
/// See [`TransferError`] and [`FileError`](signed::domain::FileError); `PERMISSION_DENIED`, and what peers answer.
pub async fn import(app: &App, ctx: &OpContext, request: &RequestKey, file: &str) -> Result<(Region, u32)> {
    let (told, text, signature) = signed::domain::read::<Statement>(file)?;
    let permit = ctx.permit::<ImportTransfer>(&Target::region(Region::global()))?;
    signed::app::believe(&app.trusted, ctx.tenant(), (&told, text, signature))?;
    if told.to.is_global() || !ctx.regions.serve(&told.to) {
        return Err(TransferError::NotForHere(told.to).into());
    }
    if let Content::Directory(entries) = &told.content {
        app.peers.take_in_directory(ctx, &told.from, told.released_at, entries).await?;
    }
    let items = u32::try_from(told.content.items()).map_err(Error::internal)?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        if let Content::Report { month, cells } = &told.content {
            store::take_in(&work, ctx, &told, month, cells).await?;
        }
        let audit = Audit::new("performance.transfer.import", "transfer", told.transfer);
        let audit = audit.note("from", &told.from).note("items", items).after(&digest(text.as_bytes()));
        Ok((work, audit, (told.from.clone(), items)))
    })
    .await
}

/// A page of the register, newest first.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub async fn list(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Transfer>, String)> {
    let plan = ctx.plan::<ListTransfers>()?;
    store::page(&*app.store.read(ctx).await?, &plan, page).await
}

/// A page of cells: those of a transfer, or all that left or came in.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub async fn list_cells(
    app: &App,
    ctx: &OpContext,
    of: Option<TransferId>,
    page: &Page,
) -> Result<(Vec<StoredCell>, String)> {
    let plan = ctx.plan::<ListCells>()?;
    store::cells(&*app.store.read(ctx).await?, &plan, of, page).await
}
