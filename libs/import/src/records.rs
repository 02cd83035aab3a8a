//! The service records of a bundle.

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tally_api::performance::v1 as performance;
use tally_bundle::{Bundle, MeasureValues, Record, RowName};
use tally_kernel::Error;
use tally_kernel::contribution::{self, Role};

use crate::caller::Caller;
use crate::said::told;
use crate::{CHUNK, Ids, Taken, instant};

const FILE: &str = "records.csv";
/// Bytes of an import; the limit of a message is 4 MiB.
const CHUNK_BYTES: usize = 3_000_000;

/// Writes the records, an account after the other, two imports under way at a time. `tell` hears how many are in.
///
/// # Errors
/// [`RowsRefused`](crate::said::RowsRefused) by a suite of one's own, or what stopped it.
pub async fn records(
    caller: &Caller,
    bundle: &Bundle,
    ids: &Ids,
    taken: &mut Taken,
    mut tell: impl FnMut(u64),
) -> Result<()> {
    let mut done = 0;
    sent(caller, bundle, ids, (taken, false), |more| {
        done += more;
        tell(done);
    })
    .await?;
    if bundle.records.iter().any(|record| record.refers_to.is_some()) {
        // Sessions are all in before the first refund, which may refer to any of them.
        sent(caller, bundle, ids, (taken, true), |more| {
            done += more;
            tell(done);
        })
        .await?;
    }
    Ok(taken.all_in()?)
}

/// Writes the sessions or the refunds. `tell` hears how many more are in.
async fn sent(
    caller: &Caller,
    bundle: &Bundle,
    ids: &Ids,
    (taken, refunds): (&mut Taken, bool),
    mut tell: impl FnMut(u64),
) -> Result<()> {
    let name = |at: usize| bundle.text(bundle.records[at].external_id).to_owned();
    let is_one = |at: &usize| bundle.records[*at].refers_to.is_some() == refunds;
    let mut sendable = Vec::new();
    for range in batches(bundle) {
        let account = taken.kept_back.account(bundle, ids, bundle.records[range.start].account);
        let mut left = 0;
        for at in range.clone().filter(is_one) {
            if let Some(message) = account.clone().or_else(|| taken.kept_back.record(bundle, ids, at)) {
                taken.refuse(FILE, name(at), &message);
                taken.kept_back.records.insert(at);
            } else {
                left += 1;
            }
        }
        if left > 0 {
            sendable.push((range, taken.request_id()));
        }
    }
    let kept_back = taken.kept_back.records.clone();
    let imports = sendable.into_iter().map(|(range, request_id)| {
        let sent: Vec<usize> = range.clone().filter(|at| is_one(at) && !kept_back.contains(at)).collect();
        async move {
            let account = bundle.records[range.start].account.0 as usize;
            let rows = sent.iter().map(|at| record(bundle, *at)).collect::<Result<_>>()?;
            let (unit_id, region) = ids.places[account].clone();
            let account_id = ids.accounts[account].clone();
            let ask = performance::ImportRecordsRequest { request_id, account_id, region, unit_id, rows };
            let channel = caller.at.performance.clone();
            let mut client = performance::record_service_client::RecordServiceClient::new(channel);
            let reply = client.import_records(caller.ask(ask)).await.map_err(told)?;
            Ok::<_, anyhow::Error>((sent, reply.into_inner().result))
        }
    });
    let mut under_way = stream::iter(imports).buffered(2);
    while let Some((sent, result)) = under_way.try_next().await? {
        let account = |at: usize| bundle.account(bundle.records[sent[at]].account).path();
        let row = |at: usize| RowName::Record(account(at), name(sent[at]));
        let refused = taken.note(FILE, result, row, |at| name(sent[at]));
        taken.kept_back.records.extend(refused.into_iter().map(|at| sent[at]));
        tell(sent.len() as u64);
    }
    Ok(())
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
            bytes += most_bytes(bundle, end);
            end += 1;
        }
        let range = start..end;
        start = end;
        Some(range)
    })
}

/// No fewer bytes than a record's message has, without making it.
fn most_bytes(bundle: &Bundle, at: usize) -> usize {
    /// Of everything that is no text: numbers, instants, tags and lengths.
    const REST: usize = 128;
    let record = &bundle.records[at];
    let text = |symbol: Option<_>| symbol.map_or(0, |s| bundle.text(s).len());
    let agent = record.agent.map_or(0, |p| bundle.person(p).employee_no.len());
    let texts = text(Some(record.external_id)) + text(record.kind) + text(record.customer) + agent;
    // Each contributor is a message of its own, with a role and lengths.
    let contributors = text(record.contributors) * 2;
    let texts = texts + text(record.currency) + text(record.refers_to) + text(record.device) + contributors;
    let measure = |measure: &tally_bundle::Measure| match &measure.values {
        MeasureValues::Numbers(values) if values[at].is_some() => measure.name.len() + 48,
        MeasureValues::Texts(values) if values[at].is_some() => measure.name.len() + text(values[at]) + 24,
        MeasureValues::Numbers(_) | MeasureValues::Texts(_) => 0,
    };
    REST + texts + bundle.measures.iter().map(measure).sum::<usize>()
}

/// A record as it is sent.
///
/// # Errors
/// A number that no file may hold: sent without it, the record would be another.
pub fn record(bundle: &Bundle, at: usize) -> Result<performance::Record> {
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
        revision: record.revision,
        revised_at: None,
        currency: text(record.currency),
        refers_to: text(record.refers_to),
        contributors: contributors(&text(record.contributors))?,
        device: text(record.device),
    })
}

fn contributors(cell: &str) -> Result<Vec<performance::Contributor>> {
    let role = |role| match role {
        Role::FirstAnswer => performance::ContributorRole::FirstAnswer,
        Role::Closer => performance::ContributorRole::Closer,
        Role::AfterSales => performance::ContributorRole::AfterSales,
    };
    let named = contribution::read(cell)?.into_iter();
    Ok(named.map(|one| performance::Contributor { role: role(one.role).into(), agent: one.agent }).collect())
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

    use prost::Message as _;
    use tally_bundle::{Options, read_bundle};
    use tally_rpc::MAX_MESSAGE_BYTES;

    use super::{batches, most_bytes, record, thousandths};

    #[test]
    fn an_import_is_within_the_limit_of_a_message_however_the_long_records_lie() {
        let dir = tempfile::tempdir().unwrap();
        let long = "字".repeat(1_000);
        let row = |n: usize| {
            let (note, points) =
                if n.is_multiple_of(16) { ("", "") } else { (long.as_str(), "-999999999999999.999999") };
            format!(
                "Mart,One,a,T{n:05},2026-03-02 09:00,2026-03-02 09:05,1001,chat,4000000,yes,9.999,1.50,{n},{note},{points}\n"
            )
        };
        let head = "platform,store,account,external_id,started_at,ended_at,agent,kind,first_reply_seconds,resolved,rating,\
                    amount,customer,note,points\n";
        for (name, text) in [
            (
                "people.csv",
                "employee_no,name,org_unit,position,grade,hired_on\n1001,Ann,East/Desk,,,2025-01-06\n".into(),
            ),
            ("accounts.csv", "platform,store,account,phase,capacity\nMart,One,a,shared,1\n".into()),
            ("records.csv", head.to_owned() + &(0..3_000).map(row).collect::<String>()),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let bundle = read_bundle(dir.path(), Options::default(), &mut |_, _| {}).unwrap().bundle;
        assert_eq!((bundle.records.len(), bundle.measures.len()), (3_000, 2));
        let bytes = |at: usize| record(&bundle, at).unwrap().encoded_len();
        for range in batches(&bundle) {
            let sent: usize = range.clone().map(|at| bytes(at) + 4).sum();
            assert!(sent < MAX_MESSAGE_BYTES, "{range:?}: {sent}");
            assert!(range.into_iter().all(|at| bytes(at) + 4 <= most_bytes(&bundle, at)));
        }
    }

    #[test]
    fn a_number_that_no_record_may_say_is_a_fault_and_not_left_out() {
        assert_eq!(thousandths(Decimal::new(45_006, 4)).unwrap(), 4_501);
        for number in [Decimal::NEGATIVE_ONE, Decimal::from(4_294_968), Decimal::MAX] {
            assert!(thousandths(number).is_err(), "{number}");
        }
    }
}
