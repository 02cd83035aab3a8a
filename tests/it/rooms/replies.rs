//! When the messages of a record were written.

use tally_api::performance::v1 as performance;

use crate::journey::Done;

/// Messages of a record are sent, sent as a stream and listed.
pub async fn of_a_record(done: &Done, account_id: &str, external_id: &str) {
    let hr = &done.crew.hr;
    let channel = hr.at.performance.clone();
    let mut replies = performance::reply_service_client::ReplyServiceClient::new(channel);
    let reply = |seconds, by: performance::ReplySide| performance::Reply {
        at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        by: by.into(),
        device: "seat 7".into(),
    };
    let of = |external_id: &str, replies| performance::RecordReplies {
        account_id: account_id.to_owned(),
        external_id: external_id.to_owned(),
        replies,
        recorded_at: None,
    };
    let asks = reply(1_770_000_000, performance::ReplySide::Customer);
    let says = reply(1_770_000_001, performance::ReplySide::Agent);
    let rows = vec![of(external_id, vec![asks.clone()]), of("never", vec![asks.clone()])];
    let ask = performance::ImportRepliesRequest { rows, ..Default::default() };
    let sent = replies.import_replies(hr.ask(ask)).await.expect("an import").into_inner().result.expect("a result");
    assert_eq!((sent.written, sent.problems.len()), (1, 1), "{sent:?}");
    let part =
        |replies| performance::StreamRepliesRequest { rows: vec![of(external_id, replies)], ..Default::default() };
    let parts = tonic::codegen::tokio_stream::iter([part(vec![asks.clone()]), part(vec![says.clone(), asks.clone()])]);
    let sent = replies.stream_replies(hr.ask(parts)).await.expect("a stream").into_inner().result.expect("a result");
    assert_eq!((sent.unchanged, sent.revised, sent.problems.len()), (1, 1, 0), "{sent:?}");
    let who = &done.crew.auditor;
    let mut replies = performance::reply_service_client::ReplyServiceClient::new(who.at.performance.clone());
    let (account_id, external_id) = (account_id.to_owned(), external_id.to_owned());
    let ask = performance::ListRepliesRequest { account_id, external_id, ..Default::default() };
    let told = replies.list_replies(who.ask(ask)).await.expect("messages").into_inner().replies;
    assert_eq!(told.into_iter().map(|row| row.replies).collect::<Vec<_>>(), [vec![asks, says]]);
}
