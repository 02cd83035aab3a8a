//! Sites, punches and hand-overs of one's own, and who was on duty, as an auditor reads it.

mod corrections;
mod devices;

pub use corrections::{SHOWN_BY, WHY};

use tally_api::attendance::v1 as attendance;
use tally_api::common::v1 as common;
use tally_suite::session::Session;
use tonic::Code;

use crate::journey::{Done, agent};
use crate::rooms::month;
use crate::stack::Stack;

/// Does them all, and looks at what came of each.
pub async fn journey(_: &Stack, done: &Done) {
    site(done).await;
    let (_, card) = done.outcome.cards.get(1).expect("a second card");
    let somebody = agent(done, &card.person_id, "agent-two").await;
    own_punch(&somebody).await;
    own_handover(done, &somebody).await;
    of_others(done).await;
    corrections::journey(done, &somebody, &card.person_id).await;
    devices::journey(done).await;
}

async fn site(done: &Done) {
    let hr = &done.crew.hr;
    let mut sites = attendance::site_service_client::SiteServiceClient::new(hr.at.attendance.clone());
    let site = attendance::Site {
        name: "Head office".into(),
        zone: "Asia/Shanghai".into(),
        cut_over: "04:00".into(),
        region: "*".into(),
        ..Default::default()
    };
    let region = done.reading.bundle.group.branches.values().next().cloned();
    let site = attendance::Site { region: region.unwrap_or_else(|| "default".into()), ..site };
    let ask = attendance::ImportSitesRequest { rows: vec![site], ..Default::default() };
    let written = sites.import_sites(hr.ask(ask)).await.expect("a site").into_inner().result.expect("a result");
    assert_eq!((written.written, written.problems.len()), (1, 0), "{written:?}");
}

async fn own_punch(somebody: &Session) {
    let mut punches = attendance::punch_service_client::PunchServiceClient::new(somebody.at.attendance.clone());
    let ask = attendance::RecordPunchRequest {
        request_id: "punch-1".into(),
        kind: attendance::PunchKind::In.into(),
        device_at: None,
    };
    let first = punches.record_punch(somebody.ask(ask.clone())).await.expect("a punch").into_inner();
    let again = punches.record_punch(somebody.ask(ask.clone())).await.expect("the same punch").into_inner();
    assert_eq!(first, again, "a repeated request is one punch");
    let other = attendance::RecordPunchRequest { kind: attendance::PunchKind::Out.into(), ..ask };
    let refused = punches.record_punch(somebody.ask(other)).await.expect_err("the same id with another body");
    assert_ne!(refused.code(), Code::Internal, "{refused:?}");
}

async fn own_handover(done: &Done, somebody: &Session) {
    let mut handovers = attendance::handover_service_client::HandoverServiceClient::new(somebody.at.attendance.clone());
    let ask = attendance::RecordHandoverRequest {
        request_id: "take-1".into(),
        account_id: done.outcome.ids.accounts.first().expect("an account").clone(),
        kind: attendance::HandoverKind::Take.into(),
    };
    let taken = handovers.record_handover(somebody.ask(ask)).await.expect("a take").into_inner().handover;
    assert_eq!(taken.map(|h| h.kind()), Some(attendance::HandoverKind::Take));
}

/// Each leaves an entry, since it tells of others.
async fn of_others(done: &Done) {
    let who = &done.crew.auditor;
    let channel = || who.at.attendance.clone();
    let (from, to) = month(done);
    let mut punches = attendance::punch_service_client::PunchServiceClient::new(channel());
    let found = punches
        .list_punches(who.ask(attendance::ListPunchesRequest { from, to, ..Default::default() }))
        .await
        .expect("punches");
    assert!(!found.into_inner().punches.is_empty());
    let mut rosters = attendance::roster_service_client::RosterServiceClient::new(channel());
    let found = rosters
        .list_shifts(who.ask(attendance::ListShiftsRequest { from, to, ..Default::default() }))
        .await
        .expect("shifts");
    let shift = found.into_inner().shifts.into_iter().next().expect("a shift");
    let ask = attendance::GetShiftRequest { shift_id: shift.shift_id.clone() };
    assert_eq!(rosters.get_shift(who.ask(ask)).await.expect("the shift").into_inner().shift, Some(shift));
    let mut handovers = attendance::handover_service_client::HandoverServiceClient::new(channel());
    let ask = attendance::ListHandoversRequest { from, to, ..Default::default() };
    let found = handovers.list_handovers(who.ask(ask)).await.expect("hand-overs").into_inner().handovers;
    let handover = found.into_iter().next().expect("a hand-over");
    let ask = attendance::GetHandoverRequest { handover_id: handover.handover_id.clone() };
    assert_eq!(handovers.get_handover(who.ask(ask)).await.expect("it").into_inner().handover, Some(handover));
    let mut aliases = attendance::alias_service_client::AliasServiceClient::new(channel());
    let ask = attendance::ListAliasesRequest::default();
    assert!(!aliases.list_aliases(who.ask(ask)).await.expect("aliases").into_inner().aliases.is_empty());
    let mut occupancy = attendance::occupancy_service_client::OccupancyServiceClient::new(channel());
    let summary = &done.outcome.summary;
    let period = Some(common::Period { from: summary.from.clone(), to: summary.to.clone() });
    let ask = attendance::ListOccupancyRequest { period, ..Default::default() };
    let mut parts = occupancy.list_occupancy(who.ask(ask)).await.expect("a stream").into_inner();
    let first = parts.message().await.expect("a part").expect("a part");
    assert!(first.accounts.iter().any(|account| !account.rows.is_empty()), "somebody was on duty");
}
