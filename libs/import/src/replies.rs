//! The messages of a bundle's records.

use std::ops::Range;

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tally_api::common::v1::ImportResult;
use tally_api::performance::v1 as performance;
use tally_bundle::{Bundle, RecordIx, Reply, RowName, Side};

use crate::caller::Caller;
use crate::said::told;
use crate::{CHUNK, Counted, Ids, Taken, instant};

const FILE: &str = "replies.csv";
/// Messages of an import.
const MESSAGES: usize = 100_000;
/// Bytes of an import; the limit of a message of gRPC is 4 MiB.
const BYTES: usize = 3_000_000;

/// Writes the messages, as many records at a time as a call takes, two imports under way at a time. `tell` hears how many are in.
///
/// # Errors
/// [`RowsRefused`](crate::said::RowsRefused) by a suite of one's own, or what stopped it.
pub async fn replies(
    caller: &Caller,
    bundle: &Bundle,
    ids: &Ids,
    taken: &mut Taken,
    mut tell: impl FnMut(u64),
) -> Result<()> {
    let name = |row: &[Reply]| row.first().map(|reply| named(bundle, reply.record)).unwrap_or_default();
    let mut sendable: Vec<(Vec<&[Reply]>, String)> = Vec::new();
    for part in parts(bundle) {
        let mut rows = Vec::with_capacity(part.len());
        for row in part.into_iter().map(|range| &bundle.replies[range]) {
            match row.first().and_then(|reply| taken.kept_back.replies(bundle, ids, reply.record)) {
                Some(message) => taken.refuse_all(FILE, row.len() as u64, name(row), &message),
                None => rows.push(row),
            }
        }
        if !rows.is_empty() {
            sendable.push((rows, taken.request_id()));
        }
    }
    let imports = sendable.into_iter().map(|(rows, request_id)| async move {
        let sent = rows.iter().filter_map(|row| message(bundle, ids, row)).collect();
        let ask = performance::ImportRepliesRequest { request_id, rows: sent };
        let channel = caller.at.performance.clone();
        let mut client = performance::reply_service_client::ReplyServiceClient::new(channel);
        let reply = client.import_replies(caller.ask(ask)).await.map_err(told)?;
        Ok::<_, anyhow::Error>((rows, reply.into_inner().result))
    });
    let (mut under_way, mut done) = (stream::iter(imports).buffered(2), 0);
    while let Some((rows, result)) = under_way.try_next().await? {
        let result = result.unwrap_or_default();
        let row = |at: usize| {
            let record = rows[at].first().map(|reply| bundle.record(reply.record));
            let (account, id) = record.map_or_else(Default::default, |record| {
                (bundle.account(record.account).path(), bundle.text(record.external_id).to_owned())
            });
            RowName::Replies(account, id)
        };
        taken.note_counted(FILE, counted(&rows, &result), result.problems, row, |at| name(rows[at]));
        done += rows.iter().map(|row| row.len() as u64).sum::<u64>();
        tell(done);
    }
    Ok(taken.all_in()?)
}

/// A record, as refused.csv names its messages.
fn named(bundle: &Bundle, record: RecordIx) -> String {
    let record = bundle.record(record);
    format!("{} {}", bundle.account_label(record.account), bundle.text(record.external_id))
}

/// What became of the rows of the file. The suite answers by records: of an import of which some was there before it does not say how many
/// messages were, so that all that it took counts as added to what was there.
fn counted(rows: &[&[Reply]], result: &ImportResult) -> Counted {
    let messages = |at: usize| rows.get(at).map_or(0, |row| row.len() as u64);
    let all: u64 = (0..rows.len()).map(messages).sum();
    let refused = result.problems.iter().map(|problem| messages(problem.index as usize)).sum();
    let taken = all.saturating_sub(refused);
    let none = Counted { refused, ..Counted::default() };
    match (result.written, result.revised, result.unchanged) {
        (_, 0, 0) => Counted { written: taken, ..none },
        (0, 0, _) => Counted { unchanged: taken, ..none },
        _ => Counted { revised: taken, ..none },
    }
}

/// The imports, each of messages of one record after the other, within the limits of a call. A record is sent in one piece unless it alone is beyond them.
fn parts(bundle: &Bundle) -> Vec<Vec<Range<usize>>> {
    let (mut parts, mut part, mut held) = (Vec::new(), Vec::new(), (0, 0));
    let mut start = 0;
    for same in bundle.replies.chunk_by(|a, b| a.record == b.record) {
        for piece in pieces(bundle, same) {
            let (messages, bytes) = (piece.len(), piece.clone().map(|at| most_bytes(bundle, &same[at])).sum::<usize>());
            let bytes = bytes + of_row(bundle, same);
            if part.len() == CHUNK || held.0 + messages > MESSAGES || held.1 + bytes > BYTES {
                parts.push(std::mem::take(&mut part));
                held = (0, 0);
            }
            part.push(start + piece.start..start + piece.end);
            held = (held.0 + messages, held.1 + bytes);
        }
        start += same.len();
    }
    parts.push(part);
    parts.retain(|part| !part.is_empty());
    parts
}

/// The messages of a record in pieces of which each is within the limits of a call.
fn pieces(bundle: &Bundle, same: &[Reply]) -> Vec<Range<usize>> {
    let (mut pieces, mut start, mut bytes) = (Vec::new(), 0, of_row(bundle, same));
    for (at, reply) in same.iter().enumerate() {
        let more = most_bytes(bundle, reply);
        if at > start && bytes + more > BYTES {
            pieces.push(start..at);
            (start, bytes) = (at, of_row(bundle, same));
        }
        bytes += more;
    }
    pieces.push(start..same.len());
    pieces
}

/// No fewer bytes than a record's row has beside its messages.
fn of_row(bundle: &Bundle, same: &[Reply]) -> usize {
    /// The account's id, tags and lengths.
    const REST: usize = 64;
    REST + same.first().map_or(0, |reply| bundle.text(bundle.record(reply.record).external_id).len())
}

/// No fewer bytes than a message has.
fn most_bytes(bundle: &Bundle, reply: &Reply) -> usize {
    /// The instant, the side, tags and lengths.
    const REST: usize = 32;
    REST + bundle.device(reply).map_or(0, str::len)
}

/// Messages of one record as they are sent.
fn message(bundle: &Bundle, ids: &Ids, row: &[Reply]) -> Option<performance::RecordReplies> {
    let record = bundle.record(row.first()?.record);
    let reply = |reply: &Reply| performance::Reply {
        at: Some(instant(reply.at)),
        by: match reply.by {
            Side::Agent => performance::ReplySide::Agent.into(),
            Side::Customer => performance::ReplySide::Customer.into(),
        },
        device: bundle.device(reply).unwrap_or_default().to_owned(),
    };
    Some(performance::RecordReplies {
        account_id: ids.accounts[record.account.0 as usize].clone(),
        external_id: bundle.text(record.external_id).to_owned(),
        replies: row.iter().map(reply).collect(),
        recorded_at: None,
    })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use tally_bundle::{Options, read_bundle};
    use tally_rpc::MAX_MESSAGE_BYTES;

    use super::*;

    const FILES: [(&str, &str); 2] = [
        ("people.csv", "employee_no,name,org_unit,position,grade,hired_on\n1001,Ann,East/Desk,,,2025-01-06\n"),
        ("accounts.csv", "platform,store,account,phase,capacity\nMart,One,a,shared,1\n"),
    ];

    /// Records with so many messages each, with the device that `device` gives each.
    fn bundle(records: &[usize], device: impl Fn(usize) -> String) -> Bundle {
        let dir = tempfile::tempdir().unwrap();
        FILES.iter().for_each(|(name, text)| std::fs::write(dir.path().join(name), text).unwrap());
        let head = "platform,store,account,external_id,started_at,ended_at,agent,kind,first_reply_seconds,resolved,rating,amount\n";
        let rows = |at: usize| format!("Mart,One,a,T{at:05},2026-03-02 09:00,2026-03-05 09:05,,,,,,\n");
        let rows: String = head.to_owned() + &(0..records.len()).map(rows).collect::<String>();
        std::fs::write(dir.path().join("records.csv"), rows).unwrap();
        let mut text = "account,external_id,at,by,device\n".to_owned();
        for (at, messages) in records.iter().enumerate() {
            for n in 0..*messages {
                let (day, hour, minute, second) = (2 + n / 86_400, n / 3600 % 24, n / 60 % 60, n % 60);
                let side = if n % 2 == 0 { "agent" } else { "customer" };
                text +=
                    &format!("a,T{at:05},2026-03-{day:02} {hour:02}:{minute:02}:{second:02},{side},{}\n", device(n));
            }
        }
        std::fs::write(dir.path().join("replies.csv"), text).unwrap();
        read_bundle(dir.path(), Options::default(), &mut |_, _| {}).unwrap().bundle
    }

    fn ids() -> Ids {
        Ids {
            units: Default::default(),
            people: Vec::new(),
            accounts: vec!["0196a3f2-0000-7000-8000-000000000000".to_owned()],
            places: Vec::new(),
            person_of: Default::default(),
            account_of: Default::default(),
        }
    }

    /// Every message once and in order, each part within the limits of a call; how many rows and messages each part has.
    fn checked(bundle: &Bundle) -> Vec<(usize, usize)> {
        let (ids, mut next) = (ids(), 0);
        let of_part = |part: Vec<Range<usize>>| {
            for range in &part {
                assert_eq!(range.start, next);
                next = range.end;
            }
            let rows: Vec<_> =
                part.iter().map(|range| message(bundle, &ids, &bundle.replies[range.clone()]).unwrap()).collect();
            let messages = rows.iter().map(|row| row.replies.len()).sum();
            let ask = performance::ImportRepliesRequest { request_id: "r".repeat(36), rows };
            assert!(ask.encoded_len() < MAX_MESSAGE_BYTES && ask.rows.len() <= CHUNK && messages <= MESSAGES);
            (ask.rows.len(), messages)
        };
        let parts: Vec<_> = parts(bundle).into_iter().map(of_part).collect();
        assert_eq!(next, bundle.replies.len());
        parts
    }

    #[test]
    fn messages_are_sent_in_parts_that_a_call_takes_and_a_record_in_one_piece() {
        let short = bundle(&[20_000; 6], |_| "PC".to_owned());
        assert_eq!(checked(&short), [(4, 80_000), (2, 40_000)]);
        let many = bundle(&[1; CHUNK + 1], |_| String::new());
        assert_eq!(checked(&many), [(CHUNK, CHUNK), (1, 1)]);
        assert_eq!(checked(&bundle(&[0], |_| String::new())), []);
    }

    #[test]
    fn a_record_that_is_beyond_a_call_by_itself_is_sent_in_pieces() {
        let long = bundle(&[3, 20_000, 3], |n| format!("{}{n:05}", "席".repeat(195)));
        let sent = checked(&long);
        assert!(sent.len() > 3 && sent.iter().map(|(_, messages)| messages).sum::<usize>() == 20_006, "{sent:?}");
    }

    #[test]
    fn rows_are_counted_by_messages_and_where_some_were_there_as_added() {
        let bundle = bundle(&[3, 2, 4], |_| String::new());
        let rows: Vec<&[Reply]> = bundle.replies.chunk_by(|a, b| a.record == b.record).collect();
        let problem = |index| tally_api::common::v1::RowProblem { index, ..Default::default() };
        let result = |written, revised, unchanged, refused: &[u32]| ImportResult {
            written,
            revised,
            unchanged,
            problems: refused.iter().map(|index| problem(*index)).collect(),
            ..Default::default()
        };
        for (result, [written, revised, unchanged, refused]) in [
            (result(3, 0, 0, &[]), [9, 0, 0, 0]),
            (result(0, 0, 2, &[1]), [0, 0, 7, 2]),
            (result(1, 0, 1, &[0]), [0, 6, 0, 3]),
            (result(0, 3, 0, &[]), [0, 9, 0, 0]),
            (result(0, 0, 0, &[0, 1, 2]), [0, 0, 0, 9]),
        ] {
            assert_eq!(counted(&rows, &result), Counted { written, unchanged, revised, refused });
        }
    }
}
