//! Bringing in devices, listing them, and telling who worked at them.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use tally_access::{OpContext, Region};
use tally_app::import::{Import, bulk_audit};
use tally_app::mutate;
use tally_kernel::id::{OrgUnitId, PersonId};
use tally_kernel::import::{ImportOutcome, Problem, reconcile};
use tally_kernel::page::Page;
use tally_kernel::time::{Period, TimeError};
use tally_kernel::{Error, Message, Result, msg};
use tally_store::{Audit, UnitOfWork};
use uuid::Uuid;

use super::domain::{Device, Owner, Shared, shared};
use super::store;
use super::uses::{Seated, Seats, Use, uses};
use crate::app::{ALIASES, App, reached, unknown_person, without_removed};
use crate::days;
use crate::directory::{Home, Units};
use crate::occupancy::domain::spans::Span;
use crate::placed::{Placed, Stored, counting, keyed, without_known};
use crate::policy::{ImportDevices, ListDeviceUses, ListDevices};
use crate::roster;
use crate::roster::facts::Whose;

/// A device as it is brought in, with what a row of a seat says of where that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub device: Device,
    pub unit: Option<OrgUnitId>,
    pub region: Option<Region>,
}

/// What became of the rows, and which devices are of several at once by them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Imported {
    pub outcome: ImportOutcome,
    pub shared: Vec<Shared>,
}

/// Writes the devices that are new.
pub async fn import_devices(app: &App, ctx: &OpContext, import: Import<Row>) -> Result<Imported> {
    ctx.plan::<ImportDevices>()?;
    let people = app.directory.everybody(ctx).await?;
    let of_seats = import.rows.iter().filter(|(_, row)| row.device.owner.seat().is_some());
    let said: Vec<Option<OrgUnitId>> = of_seats.map(|(_, row)| row.unit).collect();
    let units =
        if said.is_empty() { Units::default() } else { app.peers.units(ctx, said.into_iter().flatten()).await? };
    let mut refused = import.refused;
    let mut rows = Vec::with_capacity(import.rows.len());
    for (index, row) in import.rows {
        let home = match &row.device.owner {
            Owner::Person(person) => {
                let home = people.get(*person).and_then(|person| days::home(person, row.device.from, ctx.now()));
                home.map(Home::from).ok_or_else(|| unknown_person(index, *person))
            }
            Owner::Seat(_) => of_seat(&row, &units).map_err(|why| Problem::new(index, "PLACE_WRONG", why)),
        };
        match home {
            Ok(home) => rows.push((index, Placed { home, fact: row.device })),
            Err(problem) => refused.problems.push(problem),
        }
    }
    let target = |row: &Placed<Device>| row.home.target_from(row.fact.owner.person(), row.fact.from);
    let (rows, permit) = reached::<ImportDevices, _>(ctx, rows, &mut refused, target)?;
    let terms = app.terms(ctx, ALIASES, rows.iter().map(|(_, row)| days::last(row.fact.to)).min()).await?;
    let today = days::today(ctx.now())?;
    mutate(&app.store, ctx, &permit, &import.request, async |work: UnitOfWork| {
        let mut outcome = refused.clone();
        let names: BTreeSet<String> = rows.iter().map(|(_, row)| row.fact.device.clone()).collect();
        // A correction writes a key that may be there already.
        work.lock("devices", Uuid::nil()).await?;
        let there = store::named(&work, names.into_iter().collect()).await?;
        let rows = without_known(rows.clone(), &there, &mut outcome);
        let ends = |device: &Device| (device.owner.person(), days::last(device.to));
        let rows = without_removed(rows, &there, (terms.as_ref(), ALIASES, today), ends, &mut outcome)?;
        let fresh: Vec<_> = reconcile(rows, keyed(&there), &mut outcome).into_iter().map(|(_, row)| row).collect();
        let counting = there.iter().filter(|row| row.counts()).map(|row| &row.placed.fact);
        let shared = shared(counting.chain(fresh.iter().map(|row| &row.fact)));
        store::insert(&work, ctx, fresh).await?;
        let audit = bulk_audit("attendance.device.write", "devices", &import.request, &outcome);
        Ok((work, audit, Imported { outcome: outcome.in_order(), shared }))
    })
    .await
}

/// Where the device of a seat belongs: what the row says.
fn of_seat(row: &Row, units: &Units) -> Result<Home, Message> {
    let Some(unit) = row.unit else {
        return match &row.region {
            Some(region) if !region.is_global() && !units.hold(region) => Err(msg!("PLACE_REGION_UNKNOWN", region)),
            region => Ok(Home { region: region.clone().unwrap_or_else(Region::global), unit: None }),
        };
    };
    let home = units.of(unit).ok_or_else(|| msg!("PLACE_UNIT_UNKNOWN", unit))?;
    match &row.region {
        Some(region) if *region != home.region => Err(msg!("PLACE_REGION_OF_UNIT", is = home.region, said = region)),
        _ => Ok(home.clone()),
    }
}

/// A page of devices, as known at an instant or now, and the token of the next.
pub async fn list_devices(
    app: &App,
    ctx: &OpContext,
    known: Option<Timestamp>,
    page: &Page,
) -> Result<(Vec<Stored<Device>>, String)> {
    let plan = ctx.plan::<ListDevices>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page, known).await
}

/// What is asked about the use of devices.
#[derive(Clone, Debug)]
pub struct Question {
    /// Local dates; a day more on both sides is told.
    pub period: Period,
    /// Only these; empty means all.
    pub devices: BTreeSet<String>,
    /// How far a rostered shift reaches beyond its start and end.
    pub grace: SignedDuration,
    pub known: Option<Timestamp>,
}

/// Who worked at devices. What is looked at is the whole group's, whoever asks: whose a seat was must not depend on who may see a
/// shift. Told is what is of people within reach.
pub async fn list_device_uses(app: &App, ctx: &OpContext, question: Question) -> Result<Vec<Use>> {
    let Question { period, devices: asked, grace, known } = question;
    let plan = ctx.plan::<ListDeviceUses>()?;
    let people = app.directory.everybody(ctx).await?;
    let out = || Error::from(TimeError::OutOfRange);
    let wide = |period: Period| {
        let (from, to) = (period.from().checked_sub(1.day()).ok()?, period.to().checked_add(1.day()).ok()?);
        Period::new(from, to).ok()
    };
    let days = wide(period).ok_or_else(out)?;
    let instants = days.instants(&TimeZone::UTC)?;
    let within = Span { start: instants.start, end: instants.end };
    let (devices, seated) = {
        let tx = app.store.read(ctx).await?;
        let found = store::during(&tx, wide(days).ok_or_else(out)?, known).await?;
        let mut devices: Vec<Device> = counting(found).map(|(device, _)| device).collect();
        devices.retain(|device| asked.is_empty() || asked.contains(&device.device));
        // Somebody is at a seat for the grace beside the shift, too.
        let edge = |at: Result<Timestamp, jiff::Error>| at.map_err(Error::internal);
        let reach = (edge(within.start.saturating_sub(grace))?, edge(within.end.saturating_add(grace))?);
        let some = devices.iter().any(|device| device.owner.seat().is_some());
        let shifts = if some { roster::facts::touching(&tx, Whose::Seated, reach, known).await? } else { Vec::new() };
        (devices, counting(shifts).filter_map(|(shift, _)| seated(shift)).collect::<Vec<_>>())
    };
    let zone = |person| people.get(person).map(|person| person.zone.clone());
    let shown = |one: &Use| {
        let home = people.get(one.person).and_then(|person| person.home_at(one.span.start)).map(Home::from);
        home.is_some_and(|home| plan.covers(&home.target(one.person).at(one.span.start)))
    };
    let told: Vec<Use> = uses(&devices, &Seats::of(&seated, grace), zone, within).into_iter().filter(shown).collect();
    let whose: BTreeSet<PersonId> = told.iter().map(|one| one.person).collect();
    if ctx.shows_others(whose.iter().copied()) {
        let audit = Audit::new("attendance.device.read", "row", "page").about_all(whose).note("uses", told.len());
        app.store.audit_read(ctx, plan.method(), audit).await?;
    }
    Ok(told)
}

fn seated(shift: roster::domain::Shift) -> Option<Seated> {
    let planned = Span::new(shift.start, shift.end)?;
    Some(Seated { seat: shift.seat?, person: shift.person, planned })
}
