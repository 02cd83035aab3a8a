//! What is known of an account in some time: records, who was on duty, rostered and punched in, and what was taken and released.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use tally_api::attendance::v1::handover_service_client::HandoverServiceClient;
use tally_api::attendance::v1::occupancy_service_client::OccupancyServiceClient;
use tally_api::attendance::v1::punch_service_client::PunchServiceClient;
use tally_api::attendance::v1::roster_service_client::RosterServiceClient;
use tally_api::attendance::v1::{
    Account, Handover, HandoverKind, ListHandoversRequest, ListOccupancyRequest, ListPunchesRequest, ListShiftsRequest,
    Occupancy, Punch, PunchKind, Shift,
};
use tally_api::common::v1::Period;
use tally_api::performance::v1::record_service_client::RecordServiceClient;
use tally_api::performance::v1::{ListRecordsRequest, Record};
use tally_kernel::Result;

use super::duty::Source;
use crate::console::told;
use crate::names::AT_ONCE;
use crate::ui::as_sent;
use crate::visit::Visit;

/// Some time: from, and to.
type Window = (Timestamp, Timestamp);

/// How long before a day somebody may have punched in or taken the account: as long as a hold without release lasts, in seconds.
const BEFORE: i64 = 16 * 3_600;

/// A stretch of somebody's time, in seconds; its kind as the contracts name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    pub person: String,
    pub from: i64,
    pub to: i64,
    pub kind: &'static str,
    pub evidence: String,
}

/// See the module's text.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub records: Vec<Record>,
    pub duty: Vec<Stretch>,
    pub shifts: Vec<Stretch>,
    pub presence: Vec<Stretch>,
    /// Punches, takes and releases: whose, when, and what as the contracts name it.
    pub points: Vec<(String, i64, &'static str)>,
}

impl Facts {
    /// Whoever was there, or was to be.
    pub fn people(&self) -> BTreeSet<String> {
        let spans = self.duty.iter().chain(&self.shifts);
        let points = self.points.iter().map(|(person, _, _)| person);
        spans.map(|it| &it.person).chain(points).cloned().collect()
    }
}

/// The class of what is drawn.
pub fn class(kind: &str) -> &'static str {
    match kind {
        "DUTY_RULE_HANDOVER" => "duty held",
        "DUTY_RULE_TEAM" => "duty loose",
        "SHIFT" => "shift",
        "PRESENCE" => "presence",
        "PUNCH_KIND_IN" => "punch in",
        "PUNCH_KIND_OUT" => "punch out",
        "HANDOVER_KIND_TAKE" => "hand take",
        "HANDOVER_KIND_RELEASE" => "hand release",
        _ => "duty",
    }
}

/// Everything of an account in some days.
///
/// # Errors
/// What the services refuse.
pub async fn facts(
    visit: &Visit,
    account: &Account,
    source: Option<&Source>,
    (days, window): (&[Date], Window),
) -> Result<Facts> {
    let id = account.account_id.as_str();
    let (records, duty, shifts, punches, handovers) = futures::try_join!(
        records(visit, id, window),
        occupancy(visit, id, source, days),
        all_shifts(visit, id, window, true),
        punches(visit, window),
        handovers(visit, id, window),
    )?;
    let shifts: Vec<Stretch> = shifts.iter().map(shift_of).collect();
    let duty: Vec<Stretch> = duty.into_iter().map(duty_of).collect();
    let there: BTreeSet<&str> = duty.iter().chain(&shifts).map(|it| it.person.as_str()).collect();
    let punches: Vec<Punch> = punches.into_iter().filter(|it| there.contains(it.person_id.as_str())).collect();
    let mut points: Vec<_> =
        punches.iter().map(|it| (it.person_id.clone(), second(&it.at), it.kind().as_str_name())).collect();
    points.extend(handovers.iter().map(|it| (it.person_id.clone(), second(&it.at), it.kind().as_str_name())));
    let presence = presence(&punches, window.1.as_second());
    Ok(Facts { records, duty, shifts, presence, points })
}

async fn records(visit: &Visit, account: &str, (from, to): Window) -> Result<Vec<Record>> {
    let client =
        RecordServiceClient::new(visit.channel("performance")?).max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    tally_rpc::pages(async |page_token| {
        let ask = ListRecordsRequest {
            account_id: account.to_owned(),
            from: Some(as_sent(from)),
            to: Some(as_sent(to)),
            page_size: AT_ONCE,
            page_token,
            ..Default::default()
        };
        let page = client.clone().list_records(visit.request(ask)).await?.into_inner();
        Ok((page.records, page.next_page_token))
    })
    .await
}

async fn occupancy(visit: &Visit, account: &str, source: Option<&Source>, days: &[Date]) -> Result<Vec<Occupancy>> {
    let day = |day: Option<&Date>| day.map(ToString::to_string).unwrap_or_default();
    let ask = ListOccupancyRequest {
        period: Some(Period { from: day(days.first()), to: day(days.last()) }),
        account_ids: vec![account.to_owned()],
        policy: source.and_then(Source::duty),
        known_at: None,
    };
    let client = OccupancyServiceClient::new(visit.channel("attendance")?);
    let mut client = client.max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    let mut parts = told(client.list_occupancy(visit.request(ask))).await?;
    let mut rows = Vec::new();
    while let Some(part) = parts.message().await.map_err(tally_rpc::error_from)? {
        rows.extend(part.accounts.into_iter().filter(|it| it.account_id == account).flat_map(|it| it.rows));
    }
    Ok(rows)
}

/// The shifts of an account (empty: of all) that touch some time, also those that count no more.
///
/// # Errors
/// What attendance refuses.
pub async fn all_shifts(visit: &Visit, account: &str, (from, to): Window, counting_only: bool) -> Result<Vec<Shift>> {
    let client =
        RosterServiceClient::new(visit.channel("attendance")?).max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    tally_rpc::pages(async |page_token| {
        let ask = ListShiftsRequest {
            account_id: account.to_owned(),
            from: Some(as_sent(from)),
            to: Some(as_sent(to)),
            page_size: AT_ONCE,
            page_token,
            counting_only,
            ..Default::default()
        };
        let page = client.clone().list_shifts(visit.request(ask)).await?.into_inner();
        Ok((page.shifts, page.next_page_token))
    })
    .await
}

async fn punches(visit: &Visit, (from, to): Window) -> Result<Vec<Punch>> {
    let client =
        PunchServiceClient::new(visit.channel("attendance")?).max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    let before = Timestamp::from_second(from.as_second() - BEFORE).unwrap_or(from);
    tally_rpc::pages(async |page_token| {
        let ask = ListPunchesRequest {
            from: Some(as_sent(before)),
            to: Some(as_sent(to)),
            page_size: AT_ONCE,
            page_token,
            counting_only: true,
            ..Default::default()
        };
        let page = client.clone().list_punches(visit.request(ask)).await?.into_inner();
        Ok((page.punches, page.next_page_token))
    })
    .await
}

/// Takes and releases of an account (empty: of all) in some time, also those that count no more.
///
/// # Errors
/// What attendance refuses.
pub async fn all_handovers(
    visit: &Visit,
    account: &str,
    (from, to): Window,
    counting_only: bool,
) -> Result<Vec<Handover>> {
    let client = HandoverServiceClient::new(visit.channel("attendance")?)
        .max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    tally_rpc::pages(async |page_token| {
        let ask = ListHandoversRequest {
            account_id: account.to_owned(),
            from: Some(as_sent(from)),
            to: Some(as_sent(to)),
            page_size: AT_ONCE,
            page_token,
            counting_only,
            ..Default::default()
        };
        let page = client.clone().list_handovers(visit.request(ask)).await?.into_inner();
        Ok((page.handovers, page.next_page_token))
    })
    .await
}

async fn handovers(visit: &Visit, account: &str, window: Window) -> Result<Vec<Handover>> {
    all_handovers(visit, account, window, true).await
}

fn second(at: &Option<prost_types::Timestamp>) -> i64 {
    at.as_ref().map(|at| at.seconds).unwrap_or_default()
}

fn shift_of(shift: &Shift) -> Stretch {
    Stretch {
        person: shift.person_id.clone(),
        from: second(&shift.start),
        to: second(&shift.end),
        kind: "SHIFT",
        evidence: shift.seat.clone(),
    }
}

fn duty_of(row: Occupancy) -> Stretch {
    Stretch {
        kind: row.rule().as_str_name(),
        from: second(&row.start),
        to: second(&row.end),
        person: row.person_id,
        evidence: row.evidence,
    }
}

/// From each punch in to the out that follows; one without an out lasts until the next in, or as long as is told.
fn presence(punches: &[Punch], until: i64) -> Vec<Stretch> {
    let mut of: BTreeMap<&str, Vec<&Punch>> = BTreeMap::new();
    for punch in punches {
        of.entry(punch.person_id.as_str()).or_default().push(punch);
    }
    let mut stretches = Vec::new();
    for (person, mut punches) in of {
        punches.sort_by_key(|punch| second(&punch.at));
        let mut open: Option<i64> = None;
        let mut close = |from: i64, to: i64| {
            let to = to.min(from + BEFORE);
            let person = person.to_owned();
            stretches.push(Stretch { person, from, to, kind: "PRESENCE", evidence: String::new() });
        };
        for punch in punches {
            let at = second(&punch.at);
            if let Some(from) = open.take() {
                close(from, at);
            }
            if punch.kind() == PunchKind::In {
                open = Some(at);
            }
        }
        if let Some(from) = open {
            close(from, until);
        }
    }
    stretches
}

/// The other end of a hand-over, for words.
pub fn is_take(handover: &Handover) -> bool {
    handover.kind() == HandoverKind::Take
}

#[cfg(test)]
mod tests {
    use super::*;

    fn punch(person: &str, seconds: i64, kind: PunchKind) -> Punch {
        let at = Some(prost_types::Timestamp { seconds, nanos: 0 });
        Punch { person_id: person.to_owned(), at, kind: kind.into(), ..Punch::default() }
    }

    #[test]
    fn presence_is_from_in_to_out_and_an_open_one_lasts() {
        let punches = [
            punch("a", 100, PunchKind::In),
            punch("a", 900, PunchKind::Out),
            punch("b", 200, PunchKind::In),
            punch("b", 300, PunchKind::In),
            punch("c", 50, PunchKind::Out),
        ];
        let told: Vec<_> = presence(&punches, 1_000).into_iter().map(|it| (it.person, it.from, it.to)).collect();
        let wanted = [("a", 100, 900), ("b", 200, 300), ("b", 300, 1_000)];
        assert_eq!(told, wanted.map(|(person, from, to)| (person.to_owned(), from, to)));
    }

    #[test]
    fn nobody_is_present_for_ever() {
        let told = presence(&[punch("a", 0, PunchKind::In)], 10 * BEFORE);
        assert_eq!(told.first().map(|it| it.to), Some(BEFORE));
    }

    #[test]
    fn everything_has_a_class_of_its_own() {
        let classes: BTreeSet<_> =
            ["DUTY_RULE_HANDOVER", "DUTY_RULE_TEAM", "DUTY_RULE_ROSTER", "SHIFT", "PRESENCE", "PUNCH_KIND_IN"]
                .into_iter()
                .map(class)
                .collect();
        assert_eq!(classes.len(), 6);
    }
}
