//! `tally.attendance.v1.OccupancyService`.

use std::pin::Pin;

use futures::Stream;
use jiff::SignedDuration;
use prost::Message as _;
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::occupancy_service_server::OccupancyService;
use tally_api::common::v1 as common;
use tally_api::json;
use tally_app::convert::{optional_instant, period, timestamp};
use tally_kernel::error::Violations;
use tally_kernel::{Error, Locale, Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Question};
use super::domain::{Duty, Finding, HandoverKind, Policy, PunchKind, Repair, Row, Rule, Version};
use crate::app::App;
use crate::site::domain::cut_over;

/// Bytes of one part of the answer, well below what a message may hold.
const PART_BYTES: usize = 1024 * 1024;
/// The longest period.
const MAX_DAYS: i32 = tally_kernel::limits::PERIOD_DAYS;
/// Accounts that one call may name.
const MAX_ACCOUNTS: usize = 10_000;

#[derive(Debug)]
pub struct Rpc(pub App);

type Parts = Pin<Box<dyn Stream<Item = Result<pb::ListOccupancyResponse, Status>> + Send>>;

#[tonic::async_trait]
impl OccupancyService for Rpc {
    type ListOccupancyStream = Parts;

    async fn list_occupancy(&self, req: Request<pb::ListOccupancyRequest>) -> Result<Response<Parts>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let duty = app::list_occupancy(&self.0, &ctx, req.into_inner().try_into()?).await?;
            Ok(Box::pin(futures::stream::iter(parts(duty, PART_BYTES, ctx.locale).map(Ok))) as Parts)
        };
        reply.await.answer(&ctx)
    }
}

impl TryFrom<pb::ListOccupancyRequest> for Question {
    type Error = Error;
    fn try_from(request: pb::ListOccupancyRequest) -> Result<Self> {
        let mut v = Violations::new();
        let period = period(&mut v, "period", request.period);
        if period.is_some_and(|p| p.from().until(p.to()).is_ok_and(|days| days.get_days() >= MAX_DAYS)) {
            v.push("period", msg!("PERIOD_TOO_LONG", days = MAX_DAYS));
        }
        if request.account_ids.len() > MAX_ACCOUNTS {
            v.push("account_ids", msg!("AT_MOST", max = MAX_ACCOUNTS));
        }
        let ids = request.account_ids.iter().enumerate();
        let accounts = ids.filter_map(|(n, id)| v.parse(&format!("account_ids[{n}]"), id)).collect();
        let policy = read_policy(request.policy.unwrap_or_default(), &mut v);
        let known = optional_instant(&mut v, "known_at", request.known_at);
        let question = period.map(|period| Self { period, accounts, policy, known });
        v.finish(question)
    }
}

fn read_policy(policy: pb::DutyPolicy, v: &mut Violations) -> Policy {
    let mut read = Policy::default();
    match Version::of(policy.version) {
        Some(version) => read.version = version,
        None => v.push("policy.version", msg!("DUTY_VERSION_EXPECTED")),
    }
    match policy.grace_minutes {
        None => {}
        Some(minutes @ 0..=240) => read.grace = SignedDuration::from_mins(minutes.into()),
        Some(_) => v.push("policy.grace_minutes", msg!("AT_MOST", max = 240)),
    }
    match policy.max_hours {
        0 => {}
        hours @ 1..=48 => read.longest = SignedDuration::from_hours(hours.into()),
        _ => v.push("policy.max_hours", msg!("AT_MOST", max = 48)),
    }
    if !policy.cut_over.is_empty() {
        read.cut_over = v.take("policy.cut_over", cut_over(&policy.cut_over));
    }
    read
}

/// The answer in parts of about `most` bytes: findings first, then account by account.
fn parts(duty: Duty, most: usize, locale: Locale) -> impl Iterator<Item = pb::ListOccupancyResponse> + Send {
    let mut findings = duty.findings.into_iter().map(move |found| finding(found, locale)).peekable();
    let mut accounts = duty.accounts.into_iter();
    let mut current = None;
    let mut first = true;
    std::iter::from_fn(move || {
        let mut part = pb::ListOccupancyResponse::default();
        let mut bytes = 0;
        while bytes < most
            && let Some(finding) = findings.next()
        {
            bytes += finding.encoded_len();
            part.findings.push(finding);
        }
        while bytes < most {
            let Some((id, mut rows)) =
                current.take().or_else(|| accounts.next().map(|a| (a.account, a.rows.into_iter())))
            else {
                break;
            };
            let mut some = pb::AccountOccupancy { account_id: id.to_string(), rows: Vec::new() };
            bytes += some.encoded_len();
            while bytes < most
                && let Some(row) = rows.next()
            {
                let row = render(row);
                bytes += row.encoded_len();
                some.rows.push(row);
            }
            if rows.len() > 0 {
                current = Some((id, rows));
            }
            part.accounts.push(some);
        }
        // An empty answer is one empty part.
        let go_on = bytes > 0 || first;
        first = false;
        go_on.then_some(part)
    })
}

fn render(row: Row) -> pb::Occupancy {
    let rule = match row.rule {
        Rule::Handover => pb::DutyRule::Handover,
        Rule::Roster => pb::DutyRule::Roster,
        Rule::Punch => pb::DutyRule::Punch,
        Rule::Team => pb::DutyRule::Team,
    };
    pb::Occupancy {
        person_id: row.person.to_string(),
        start: Some(timestamp(row.start)),
        end: Some(timestamp(row.end)),
        rule: rule.into(),
        evidence: row.evidence,
    }
}

fn finding(found: Finding, locale: Locale) -> common::Finding {
    let at = found.at.map(|at| at.to_string()).unwrap_or_default();
    common::Finding {
        person_id: found.person.map(|person| person.to_string()).unwrap_or_default(),
        fix: found.repair.and_then(fix),
        ..tally_app::finding(found.kind.to_string(), found.subject, at, &found.detail, locale)
    }
}

/// The request that adds what was forgotten.
fn fix(repair: Repair) -> Option<common::Fix> {
    const SERVICE: &str = "tally.attendance.v1.CorrectionService";
    let action = pb::CorrectionAction::Add.into();
    let (method, request) = match repair {
        Repair::Punch { person, at, kind } => {
            let kind = match kind {
                PunchKind::In => pb::PunchKind::In,
                PunchKind::Out => pb::PunchKind::Out,
            };
            let ask = pb::CorrectPunchRequest {
                action,
                person_id: person.to_string(),
                at: Some(timestamp(at)),
                kind: kind.into(),
                ..Default::default()
            };
            ("CorrectPunch", json::request(SERVICE, "CorrectPunch", &ask))
        }
        Repair::Handover { person, account, at, kind } => {
            let kind = match kind {
                HandoverKind::Take => pb::HandoverKind::Take,
                HandoverKind::Release => pb::HandoverKind::Release,
            };
            let ask = pb::CorrectHandoverRequest {
                action,
                person_id: person.to_string(),
                account_id: account.to_string(),
                at: Some(timestamp(at)),
                kind: kind.into(),
                ..Default::default()
            };
            ("CorrectHandover", json::request(SERVICE, "CorrectHandover", &ask))
        }
    };
    // Fails for an rpc that is not there alone; the tests write both.
    Some(common::Fix { service: SERVICE.to_owned(), method: method.to_owned(), request: request.ok()? })
}

#[cfg(test)]
mod tests {
    use tally_kernel::id::{AccountId, PersonId};
    use uuid::Uuid;

    use super::super::domain::{FindingKind, Occupied};
    use super::*;

    fn duty(rows: &[usize]) -> Duty {
        let at = |n: usize| jiff::Timestamp::from_second(n as i64).unwrap();
        let row = |n: usize| Row {
            person: PersonId(Uuid::from_u128(1)),
            start: at(n),
            end: at(n + 1),
            rule: Rule::Punch,
            evidence: format!("punch:E1@{n}"),
        };
        let account = |(n, rows): (usize, &usize)| Occupied {
            account: AccountId(Uuid::from_u128(n as u128)),
            rows: (0..*rows).map(row).collect(),
        };
        let finding = Finding {
            at: None,
            kind: FindingKind::DoubleIn,
            subject: "E1".into(),
            detail: msg!("DUTY_NOBODY", account = "E1"),
            person: Some(PersonId(Uuid::from_u128(1))),
            repair: Some(Repair::Punch { person: PersonId(Uuid::from_u128(1)), at: at(7), kind: PunchKind::Out }),
        };
        Duty { accounts: rows.iter().enumerate().map(account).collect(), findings: vec![finding; 3] }
    }

    #[test]
    fn parts_are_small_and_hold_everything_once_in_order() {
        let whole: Vec<_> = parts(duty(&[40, 0, 7]), usize::MAX, Locale::En).collect();
        assert_eq!(whole.len(), 1);
        let small: Vec<_> = parts(duty(&[40, 0, 7]), 300, Locale::En).collect();
        assert!(small.len() > 8, "{}", small.len());
        assert!(small.iter().all(|part| part.encoded_len() < 600));
        let findings: Vec<_> = small.iter().flat_map(|p| p.findings.clone()).collect();
        assert_eq!(findings, whole[0].findings);
        let mut joined: Vec<pb::AccountOccupancy> = Vec::new();
        for account in small.into_iter().flat_map(|p| p.accounts) {
            match joined.last_mut() {
                Some(last) if last.account_id == account.account_id => last.rows.extend(account.rows),
                _ => joined.push(account),
            }
        }
        assert_eq!(joined, whole[0].accounts);
    }

    #[test]
    fn an_answer_without_accounts_is_one_empty_part() {
        let none = Duty { accounts: vec![], findings: vec![] };
        assert_eq!(parts(none, 300, Locale::En).collect::<Vec<_>>(), [pb::ListOccupancyResponse::default()]);
    }

    #[test]
    fn a_question_is_read_with_all_that_is_wrong_at_once() {
        let period = common::Period { from: "2026-03-31".into(), to: "2026-03-01".into() };
        let policy = pb::DutyPolicy { grace_minutes: Some(999), max_hours: 49, cut_over: "4".into(), version: 9 };
        let ask = pb::ListOccupancyRequest {
            period: Some(period),
            account_ids: vec!["x".into()],
            policy: Some(policy),
            known_at: None,
        };
        let error = Question::try_from(ask).unwrap_err();
        let fields: Vec<_> = error.violations().iter().map(|v| v.field.as_str()).collect();
        let wrong = [
            "period",
            "account_ids[0]",
            "policy.version",
            "policy.grace_minutes",
            "policy.max_hours",
            "policy.cut_over",
        ];
        assert_eq!(fields, wrong);
    }

    #[test]
    fn numbers_that_are_not_given_are_the_defaults() {
        let period = Some(common::Period { from: "2026-03-01".into(), to: "2026-03-31".into() });
        let question = Question::try_from(pb::ListOccupancyRequest { period, ..Default::default() }).unwrap();
        assert_eq!(question.policy, Policy::default());
        let period = Some(common::Period { from: "2026-01-01".into(), to: "2027-01-02".into() });
        let long = Question::try_from(pb::ListOccupancyRequest { period, ..Default::default() }).unwrap_err();
        assert_eq!(long.violations()[0].field, "period");
    }
}
