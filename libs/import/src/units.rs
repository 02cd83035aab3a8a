//! The org units of a bundle, which names them by path. A unit is the same one when it was renamed, moved or closed: a path means whoever
//! had it at the end of the bundle's period, else last before or first after, and makes no second one.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use jiff::civil::Date;
use tally_api::identity::v1 as identity;
use tally_app::trees::Trees;
use tally_bundle::{Bundle, RowName};
use tally_kernel::page::MAX_SIZE;
use tally_rpc::pages;

use crate::caller::Caller;
use crate::said::{refusal, told};
use crate::{CHUNK, Taken, UNITS};

/// Writes the units that are new. Gives the ids of those that the bundle's paths meant already.
pub(super) async fn units(caller: &Caller, bundle: &Bundle, taken: &mut Taken) -> Result<BTreeMap<String, String>> {
    let mut first: BTreeMap<&str, Date> = BTreeMap::new();
    for employment in bundle.people.iter().flat_map(|p| &p.employments) {
        let from = first.entry(&employment.org_unit).or_insert(employment.hired_on);
        *from = employment.hired_on.min(*from);
    }
    for team in bundle.accounts.iter().filter_map(|a| a.team.as_deref()) {
        let from = first.entry(team).or_insert(bundle.period.from);
        *from = bundle.period.from.min(*from);
    }
    let oldest = first.values().min().copied().unwrap_or(bundle.period.from);
    // Those above are units too, whether somebody is in them or not.
    let above = |path: &'_ str| path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect::<Vec<_>>();
    let mut paths: BTreeSet<String> =
        first.keys().flat_map(|path| above(path).into_iter().chain([(*path).to_owned()])).collect();
    let all = paths.len();
    let trees = Trees::told(listed(caller, "0001-01-01", "9999-12-31").await?)?;
    let meant = |path: &String| Some((path.clone(), trees.called(path, bundle.period.to)?.to_string()));
    let meant: BTreeMap<String, String> = paths.iter().filter_map(meant).collect();
    let today = unit_ids(caller).await?;
    paths.retain(|path| !meant.contains_key(path) && !today.contains_key(path));
    taken.unchanged(UNITS, (all - paths.len()) as u64);
    let rows: Vec<_> = paths
        .into_iter()
        .map(|path| identity::OrgUnitRow {
            region: bundle.region_of(&path).to_owned(),
            path,
            kind: identity::OrgUnitKind::Unspecified.into(),
            // A parent must be there before its children: all begin with the oldest employment.
            valid_from: oldest.to_string(),
        })
        .collect();
    let mut client = identity::org_service_client::OrgServiceClient::new(caller.at.identity.clone());
    for rows in rows.chunks(CHUNK) {
        let ask = identity::ImportOrgUnitsRequest { request_id: taken.request_id(), rows: rows.to_vec() };
        let reply = client.import_org_units(caller.ask(ask)).await.map_err(told)?.into_inner();
        let path = |at: usize| rows[at].path.clone();
        let refused = taken.note(UNITS, reply.result, |at| RowName::Unit(path(at)), path);
        taken.kept_back.units.extend(refused.into_iter().map(|at| rows[at].path.clone()));
    }
    Ok(meant)
}

/// All units.
pub async fn units_there(caller: &Caller) -> Result<Vec<identity::OrgUnit>> {
    listed(caller, "", "").await
}

/// Ids of all units, by path.
pub async fn unit_ids(caller: &Caller) -> Result<BTreeMap<String, String>> {
    Ok(units_there(caller).await?.into_iter().map(|unit| (unit.path, unit.unit_id)).collect())
}

/// Units as of a day, or of today; or all that was one on several days.
async fn listed(caller: &Caller, as_of: &str, through: &str) -> Result<Vec<identity::OrgUnit>> {
    let client = identity::org_service_client::OrgServiceClient::new(caller.at.identity.clone());
    let units = pages(async |page_token| {
        let (as_of, through) = (as_of.to_owned(), through.to_owned());
        let ask =
            identity::ListOrgUnitsRequest { as_of, through, page_size: MAX_SIZE, page_token, ..Default::default() };
        let page = client.clone().list_org_units(caller.ask(ask)).await?.into_inner();
        Ok((page.units, page.next_page_token))
    });
    units.await.map_err(refusal)
}
