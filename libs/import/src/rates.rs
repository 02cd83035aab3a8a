//! The rates of exchange of a bundle.

use anyhow::Result;
use tally_api::identity::v1 as identity;
use tally_bundle::{Bundle, Rate, RowName};

use crate::caller::Caller;
use crate::said::told;
use crate::{CHUNK, Taken};

const FILE: &str = "rates.csv";

/// Writes the rates, before anything is computed with them.
///
/// # Errors
/// [`RowsRefused`](crate::said::RowsRefused) by a suite of one's own, or what stopped it.
pub async fn rates(caller: &Caller, bundle: &Bundle, taken: &mut Taken) -> Result<()> {
    let mut client = identity::rate_service_client::RateServiceClient::new(caller.at.identity.clone());
    for rates in bundle.rates.chunks(CHUNK) {
        let rows = rates.iter().map(row).collect();
        let ask = identity::SetRatesRequest { request_id: taken.request_id(), rows };
        let reply = client.set_rates(caller.ask(ask)).await.map_err(told)?.into_inner();
        let name = |at: usize| {
            let Rate { day, from, to, .. } = &rates[at];
            format!("{from} {to} {day}")
        };
        taken.note(FILE, reply.result, |at| RowName::Rate(rates[at].clone()), name);
    }
    Ok(taken.all_in()?)
}

fn row(rate: &Rate) -> identity::RateRow {
    identity::RateRow {
        base: rate.from.clone(),
        quote: rate.to.clone(),
        rate: rate.rate.clone(),
        valid_from: rate.day.to_string(),
        source: rate.source.clone(),
    }
}
