//! The group's rates of exchange, as identity tells of them ([`tally_kernel::rate`]).

use jiff::Timestamp;
use tally_access::OpContext;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::rate_service_client::RateServiceClient;
use tally_kernel::Result;
use tally_kernel::page::MAX_SIZE;
use tally_kernel::rate::Quotation;
use tally_kernel::time::Period;
use tally_rpc::{Peer, pages};

use crate::convert::{sent, timestamp};

/// The rates that hold on some day of a period, each with its source, read once for as many amounts as there are to convert; as they
/// were known at an instant, or are now. Asked as the service: what money is worth does not depend on who asks.
///
/// # Errors
/// What identity says, or that it is away.
pub async fn sourced(
    identity: &Peer,
    ctx: &OpContext,
    period: Period,
    known_at: Option<Timestamp>,
) -> Result<Vec<(Quotation, String)>> {
    let told = pages(async |page_token| {
        let ask = pb::ListRatesRequest {
            from: period.from().to_string(),
            to: period.to().to_string(),
            page_size: MAX_SIZE,
            page_token,
            known_at: known_at.map(timestamp),
            ..Default::default()
        };
        let mut client = RateServiceClient::new(identity.channel());
        let page = client.list_rates(identity.as_service(ctx, ask)).await?.into_inner();
        Ok((page.rates, page.next_page_token))
    });
    told.await?.into_iter().map(|told| Ok((quotation(&told)?, told.source))).collect()
}

fn quotation(told: &pb::Rate) -> Result<Quotation> {
    Ok(Quotation {
        base: sent::value(&told.base)?,
        quote: sent::value(&told.quote)?,
        from: sent::date(&told.valid_from)?,
        rate: sent::value(&told.rate)?,
    })
}

#[cfg(test)]
mod tests {
    use tally_kernel::rate::Rates;
    use tally_kernel::{Currency, Kind, Money};

    use super::*;

    #[test]
    fn what_identity_tells_converts_and_what_cannot_be_read_is_a_fault_and_no_rate() {
        let told = pb::Rate {
            base: "USD".into(),
            quote: "CNY".into(),
            rate: "7.25".into(),
            valid_from: "2026-03-01".into(),
            ..Default::default()
        };
        let rates: Rates = [quotation(&told).unwrap()].into_iter().collect();
        let day = "2026-03-31".parse().unwrap();
        let exchange = rates.on(Currency::USD, Currency::CNY, day).unwrap();
        assert_eq!(exchange.convert(Money::new(100, Currency::USD)).unwrap(), Money::new(725, Currency::CNY));
        for bad in [pb::Rate { rate: "0".into(), ..told.clone() }, pb::Rate { base: "???".into(), ..told }] {
            assert_eq!(quotation(&bad).unwrap_err().kind(), Kind::Internal);
        }
    }
}
