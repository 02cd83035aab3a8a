//! The claims of a bundle.

use anyhow::Result;
use tally_api::performance::v1 as performance;
use tally_bundle::{Bundle, Claim, RowName};

use crate::caller::Caller;
use crate::kept_back::by_clock;
use crate::said::told;
use crate::{CHUNK, Ids, Taken, instant, number};

const FILE: &str = "claims.csv";

/// Writes the claims.
///
/// # Errors
/// [`RowsRefused`](crate::said::RowsRefused) by a suite of one's own, or what stopped it.
pub async fn claims(caller: &Caller, bundle: &Bundle, ids: &Ids, taken: &mut Taken) -> Result<()> {
    let mut client = performance::claim_service_client::ClaimServiceClient::new(caller.at.performance.clone());
    let name = |row: &Claim| {
        let at = by_clock(row.at, &bundle.account(row.account).zone);
        format!("{} {at} {}", bundle.account_label(row.account), number(bundle, row.person))
    };
    let row = |row: &Claim| RowName::Claim(bundle.account(row.account).path(), row.at, number(bundle, row.person));
    let whose = |row: &Claim| (Some(row.person), Some(row.account));
    for chunk in taken.placed(FILE, &bundle.claims, (bundle, ids), whose, name).chunks(CHUNK) {
        let rows = chunk.iter().map(|row| message(row, ids)).collect();
        let ask = performance::ImportClaimsRequest { request_id: taken.request_id(), rows };
        let reply = client.import_claims(caller.ask(ask)).await.map_err(told)?.into_inner();
        taken.note(FILE, reply.result, |at| row(chunk[at]), |at| name(chunk[at]));
    }
    Ok(taken.all_in()?)
}

fn message(row: &Claim, ids: &Ids) -> performance::Claim {
    performance::Claim {
        account_id: ids.accounts[row.account.0 as usize].clone(),
        person_id: ids.people[row.person.0 as usize].clone(),
        at: Some(instant(row.at)),
        external_id: row.external_id.clone().unwrap_or_default(),
        customer: row.customer.clone().unwrap_or_default(),
        ..Default::default()
    }
}
