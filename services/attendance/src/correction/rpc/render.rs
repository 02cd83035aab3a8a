//! Corrections as they are told.

use jiff::civil::Date;
use tally_api::attendance::v1 as pb;
use tally_app::convert::{date_text, timestamp};
use tally_kernel::id::{CorrectionId, PersonId};
use uuid::Uuid;

use super::super::domain::{Action, Correction, Fact, Stage, Touches};
use crate::punch::domain::{Judged, Verdict};

impl From<Correction> for pb::Correction {
    fn from(correction: Correction) -> Self {
        let preview = correction.stage == Stage::Preview;
        let facts = correction.before.iter().chain(&correction.after);
        let shifts = facts.filter(|fact| matches!(fact, Fact::Shift(_)));
        let told: std::collections::BTreeSet<PersonId> = shifts.filter_map(Fact::person).collect();
        let (notice, dropped) = (correction.notice, correction.dropped);
        Self {
            correction_id: id_text(correction.id, preview),
            action: action(correction.action).into(),
            state: state(correction.stage).into(),
            person_id: correction.person.map(|person| person.to_string()).unwrap_or_default(),
            before: correction.before.map(|before| fact(before, correction.fact)),
            after: correction.after.into_iter().map(|after| fact(after, None)).collect(),
            reason: correction.reason,
            evidence: correction.evidence,
            requested_by: correction.requested.by.by.to_string(),
            requested_at: (!preview).then(|| timestamp(correction.requested.at)),
            approved_by: correction.approved.map(|taken| taken.by.by.to_string()).unwrap_or_default(),
            approved_at: correction.approved.map(|taken| timestamp(taken.at)),
            dropped_by: dropped.as_ref().map(|(taken, _)| taken.by.by.to_string()).unwrap_or_default(),
            dropped_at: dropped.as_ref().map(|(taken, _)| timestamp(taken.at)),
            drop_reason: dropped.map(|(_, reason)| reason).unwrap_or_default(),
            touched: correction.touched.map(touched),
            notice_minutes: notice.map(|notice| notice.minutes),
            told_person_ids: told.into_iter().map(|id| id.to_string()).collect(),
            late: notice.is_some_and(|notice| notice.late),
        }
    }
}

fn id_text(id: CorrectionId, preview: bool) -> String {
    if preview { String::new() } else { id.to_string() }
}

fn action(action: Action) -> pb::CorrectionAction {
    match action {
        Action::Add => pb::CorrectionAction::Add,
        Action::Void => pb::CorrectionAction::Void,
        Action::Move => pb::CorrectionAction::Move,
        Action::Change => pb::CorrectionAction::Change,
        Action::Cancel => pb::CorrectionAction::Cancel,
        Action::End => pb::CorrectionAction::End,
    }
}

fn state(stage: Stage) -> pb::CorrectionState {
    match stage {
        Stage::Preview => pb::CorrectionState::Unspecified,
        Stage::Waiting => pb::CorrectionState::Waiting,
        Stage::Approved => pb::CorrectionState::Approved,
        Stage::Made => pb::CorrectionState::Made,
        Stage::Rejected => pb::CorrectionState::Rejected,
        Stage::Withdrawn => pb::CorrectionState::Withdrawn,
    }
}

/// A fact as its own room tells it; with its id where it has one.
fn fact(fact: Fact, id: Option<Uuid>) -> pb::DutyFact {
    use pb::duty_fact::Fact::{Alias, Device, Handover, Punch, Shift};
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    let told = match fact {
        Fact::Punch(punch) => {
            let judged = Judged { punch, verdict: Verdict::NotJudged };
            Punch(pb::Punch { punch_id: id, ..judged.into() })
        }
        Fact::Handover(handover) => Handover(pb::Handover { handover_id: id, ..handover.into() }),
        Fact::Shift(shift) => Shift(pb::Shift { shift_id: id, ..shift.into() }),
        Fact::Alias(alias) => Alias(pb::Alias { alias_id: id, ..alias.into() }),
        Fact::Device(device) => Device(pb::Device { device_id: id, ..device.into() }),
    };
    pb::DutyFact { fact: Some(told) }
}

fn touched(touches: Touches) -> pb::Touched {
    let text = |id: PersonId| id.to_string();
    let accounts = touches.accounts.into_iter().map(|account| pb::TouchedAccount {
        account_id: account.account.to_string(),
        days: account.days.iter().map(Date::to_string).collect(),
        person_ids: account.people.into_iter().map(text).collect(),
    });
    pb::Touched {
        accounts: accounts.collect(),
        person_ids: touches.people.into_iter().map(text).collect(),
        from: date_text(touches.from),
        to: date_text(touches.to),
    }
}
