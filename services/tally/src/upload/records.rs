//! The service records of a bundle.

use std::collections::HashSet;

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use prost::Message as _;
use tally_api::performance::v1 as performance;
use tally_bundle::{Bundle, MeasureValues, Record, RowName};
use tally_kernel::Error;

use super::{CHUNK, Ids, Taken, instant};
use crate::said::told;
use crate::session::Session;

const FILE: &str = "records.csv";
/// Bytes of an import; the limit of a message is 4 MiB.
const CHUNK_BYTES: usize = 3_000_000;

/// Writes the records, an account after the other, two imports under way at a time. `tell` hears how many are in.
///
/// # Errors
/// [`RowsRefused`](crate::said::RowsRefused) by a suite of one's own, or what stopped it.
pub async fn records(
    session: &Session,
    bundle: &Bundle,
    ids: &Ids,
    taken: &mut Taken,
    mut tell: impl FnMut(u64),
) -> Result<()> {
    let name = |at: usize| bundle.text(bundle.records[at].external_id).to_owned();
    let (mut sendable, mut kept_back) = (Vec::new(), HashSet::new());
    for range in batches(bundle) {
        let account = taken.kept_back.account(bundle, ids, bundle.records[range.start].account);
        let mut refused = 0;
        for at in range.clone() {
            if let Some(message) = account.clone().or_else(|| taken.kept_back.record(bundle, ids, at)) {
                taken.refuse(FILE, name(at), &message);
                kept_back.insert(at);
                refused += 1;
            }
        }
        if refused < range.len() {
            sendable.push((range, taken.request_id()));
        }
    }
    let imports = sendable.into_iter().map(|(range, request_id)| {
        let sent: Vec<usize> = range.clone().filter(|at| !kept_back.contains(at)).collect();
        async move {
            let account = bundle.records[range.start].account.0 as usize;
            let rows = sent.iter().map(|at| record(bundle, *at)).collect::<Result<_>>()?;
            let (unit_id, region) = ids.places[account].clone();
            let account_id = ids.accounts[account].clone();
            let ask = performance::ImportRecordsRequest { request_id, account_id, region, unit_id, rows };
            let channel = session.at.performance.clone();
            let mut client = performance::record_service_client::RecordServiceClient::new(channel);
            let reply = client.import_records(session.ask(ask)).await.map_err(told)?;
            Ok::<_, anyhow::Error>((sent, reply.into_inner().result))
        }
    });
    let mut done = 0;
    let mut under_way = stream::iter(imports).buffered(2);
    while let Some((sent, result)) = under_way.try_next().await? {
        let account = |at: usize| bundle.account(bundle.records[sent[at]].account).path();
        taken.note(FILE, result, |at| RowName::Record(account(at), name(sent[at])), |at| name(sent[at]));
        done += sent.len() as u64;
        tell(done);
    }
    Ok(taken.all_in()?)
}

/// Ranges of records of one account each, within the limits of a message.
fn batches(bundle: &Bundle) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = bundle.records.get(start)?;
        let (mut end, mut bytes) = (start, 0);
        while let Some(next) = bundle.records.get(end)
            && next.account == first.account
            && end - start < CHUNK
            && bytes < CHUNK_BYTES
        {
            // Counting every message would cost as much as sending it: one in sixteen stands for its neighbours.
            if (end - start) % 16 == 0 {
                bytes += 16 * record(bundle, end).map_or(0, |record| record.encoded_len());
            }
            end += 1;
        }
        let range = start..end;
        start = end;
        Some(range)
    })
}

/// # Errors
/// A number that no file may hold: sent without it, the record would be another.
fn record(bundle: &Bundle, at: usize) -> Result<performance::Record> {
    let record: &Record = &bundle.records[at];
    let text = |symbol: Option<_>| symbol.map(|s| bundle.text(s).to_owned()).unwrap_or_default();
    Ok(performance::Record {
        record_id: String::new(),
        external_id: bundle.text(record.external_id).to_owned(),
        started_at: Some(instant(record.started_at)),
        ended_at: Some(instant(record.ended_at)),
        agent: record.agent.map(|p| bundle.person(p).employee_no.clone()).unwrap_or_default(),
        kind: text(record.kind),
        first_reply_ms: record.first_reply_seconds.map(thousandths).transpose()?,
        resolved: record.resolved,
        rating_milli: record.rating.map(thousandths).transpose()?,
        amount_minor: record.amount_minor,
        customer: text(record.customer),
        measures: bundle.measures.iter().filter_map(|measure| value(bundle, measure, at)).collect(),
    })
}

fn thousandths(number: rust_decimal::Decimal) -> Result<u32> {
    use rust_decimal::prelude::ToPrimitive as _;
    let thousandths = number.checked_mul(rust_decimal::Decimal::ONE_THOUSAND).and_then(|n| n.round().to_u32());
    thousandths.ok_or_else(|| Error::internal(format_args!("{number} is beyond what a record may say")).into())
}

fn value(bundle: &Bundle, measure: &tally_bundle::Measure, at: usize) -> Option<performance::Measure> {
    let (number, text) = match &measure.values {
        MeasureValues::Numbers(values) => (values.get(at)?.as_ref()?.to_string(), String::new()),
        MeasureValues::Texts(values) => (String::new(), bundle.text((*values.get(at)?)?).to_owned()),
    };
    Some(performance::Measure { name: measure.name.clone(), number, text })
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::thousandths;

    #[test]
    fn a_number_that_no_record_may_say_is_a_fault_and_not_left_out() {
        assert_eq!(thousandths(Decimal::new(45_006, 4)).unwrap(), 4_501);
        for number in [Decimal::NEGATIVE_ONE, Decimal::from(4_294_968), Decimal::MAX] {
            assert!(thousandths(number).is_err(), "{number}");
        }
    }
}
