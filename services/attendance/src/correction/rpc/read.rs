//! Requests, read with all that is wrong at once.

use std::mem::take;

use tally_api::attendance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::{choice, date, fact_instant, optional_fact_instant, optional_instant};
use tally_kernel::error::Violations;
use tally_kernel::id::{CorrectionId, PersonId};
use tally_kernel::{Result, msg};

use super::super::app::{ChangedHandover, ChangedPunch, ChangedShift, Decision, Wanted, What};
use super::super::domain::{Action, Filter, Stage};
use crate::device::domain::Owner;
use crate::handover::domain::{Handover, HandoverKind};
use crate::punch::domain::{Punch, PunchKind};
use crate::roster::domain::read_seat;

/// Longest reasons and evidence, in characters.
const MAX_TEXT: usize = 500;

pub(super) fn punch(mut ask: pb::CorrectPunchRequest) -> Result<Wanted> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    let mut v = Violations::new();
    v.text("reason", &ask.reason, MAX_TEXT);
    longest(&mut v, "evidence", &ask.evidence);
    let (at, kind) = (optional_fact_instant(&mut v, "at", ask.at), punch_kind(ask.kind()));
    let change = match action(&mut v, ask.action()) {
        Some(Action::Add) => {
            let person = v.parse("person_id", &ask.person_id);
            let at = if ask.at.is_none() { fact_instant(&mut v, "at", None) } else { at };
            let kind = choice(&mut v, "kind", kind, msg!("PUNCH_KIND_EXPECTED"));
            person.zip(at).zip(kind).map(|((person, at), kind)| What::AddPunch(Punch { person, at, kind }))
        }
        Some(Action::Void) => v.parse("punch_id", &ask.punch_id).map(What::VoidPunch),
        Some(_) => v.parse("punch_id", &ask.punch_id).map(|id| What::MovePunch(id, ChangedPunch { at, kind })),
        None => None,
    };
    let change = v.finish(change)?;
    Ok(Wanted { request, change, reason: ask.reason, evidence: ask.evidence, validate_only: ask.validate_only })
}

pub(super) fn handover(mut ask: pb::CorrectHandoverRequest) -> Result<Wanted> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    let mut v = Violations::new();
    v.text("reason", &ask.reason, MAX_TEXT);
    longest(&mut v, "evidence", &ask.evidence);
    let change = match action(&mut v, ask.action()) {
        Some(Action::Add) => added_handover(&mut v, &ask).map(What::AddHandover),
        Some(Action::Void) => v.parse("handover_id", &ask.handover_id).map(What::VoidHandover),
        Some(_) => {
            let new = ChangedHandover {
                account: v.optional("account_id", &ask.account_id),
                person: v.optional("person_id", &ask.person_id),
                at: optional_fact_instant(&mut v, "at", ask.at),
                kind: handover_kind(ask.kind()),
            };
            v.parse("handover_id", &ask.handover_id).map(|id| What::MoveHandover(id, new))
        }
        None => None,
    };
    let change = v.finish(change)?;
    Ok(Wanted { request, change, reason: ask.reason, evidence: ask.evidence, validate_only: ask.validate_only })
}

fn added_handover(v: &mut Violations, ask: &pb::CorrectHandoverRequest) -> Option<Handover> {
    let account = v.parse("account_id", &ask.account_id);
    let person = v.parse("person_id", &ask.person_id);
    let at = fact_instant(v, "at", ask.at);
    let kind = choice(v, "kind", handover_kind(ask.kind()), msg!("HANDOVER_KIND_EXPECTED"));
    Some(Handover { account: account?, person: person?, at: at?, kind: kind? })
}

pub(super) fn changed_shift(mut ask: pb::ChangeShiftRequest) -> Result<Wanted> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    let mut v = Violations::new();
    longest(&mut v, "reason", &ask.reason);
    let new = ChangedShift {
        account: v.optional("account_id", &ask.account_id),
        person: v.optional("person_id", &ask.person_id),
        start: optional_fact_instant(&mut v, "start", ask.start),
        end: optional_fact_instant(&mut v, "end", ask.end),
        seat: ask.seat.as_deref().map(|seat| read_seat(&mut v, seat)),
    };
    let id = v.parse("shift_id", &ask.shift_id);
    let change = v.finish(id.map(|id| What::ChangeShift(id, new)))?;
    Ok(at_once(request, change, ask.reason, ask.validate_only))
}

pub(super) fn cancelled_shift(mut ask: pb::CancelShiftRequest) -> Result<Wanted> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    let mut v = Violations::new();
    longest(&mut v, "reason", &ask.reason);
    let id = v.parse("shift_id", &ask.shift_id);
    let change = v.finish(id.map(What::CancelShift))?;
    Ok(at_once(request, change, ask.reason, ask.validate_only))
}

pub(super) fn ended_alias(mut ask: pb::EndAliasRequest) -> Result<Wanted> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    let mut v = Violations::new();
    longest(&mut v, "reason", &ask.reason);
    let (id, to) = (v.parse("alias_id", &ask.alias_id), date(&mut v, "to", &ask.to));
    let change = v.finish(id.zip(to).map(|(id, to)| What::EndAlias(id, to)))?;
    Ok(at_once(request, change, ask.reason, ask.validate_only))
}

pub(super) fn moved_alias(mut ask: pb::MoveAliasRequest) -> Result<Wanted> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    let mut v = Violations::new();
    longest(&mut v, "reason", &ask.reason);
    let (id, from) = (v.parse("alias_id", &ask.alias_id), date(&mut v, "from", &ask.from));
    let person: Option<PersonId> = v.parse("person_id", &ask.person_id);
    let change = id.zip(person).zip(from).map(|((id, person), from)| What::MoveAlias(id, person, from));
    Ok(at_once(request, v.finish(change)?, ask.reason, ask.validate_only))
}

pub(super) fn ended_device(mut ask: pb::EndDeviceRequest) -> Result<Wanted> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    let mut v = Violations::new();
    longest(&mut v, "reason", &ask.reason);
    let (id, to) = (v.parse("device_id", &ask.device_id), date(&mut v, "to", &ask.to));
    let change = v.finish(id.zip(to).map(|(id, to)| What::EndDevice(id, to)))?;
    Ok(at_once(request, change, ask.reason, ask.validate_only))
}

pub(super) fn moved_device(mut ask: pb::MoveDeviceRequest) -> Result<Wanted> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    let mut v = Violations::new();
    longest(&mut v, "reason", &ask.reason);
    let (id, from) = (v.parse("device_id", &ask.device_id), date(&mut v, "from", &ask.from));
    let owner = Owner::read(&mut v, &ask.person_id, &ask.seat);
    let change = id.zip(owner).zip(from).map(|((id, owner), from)| What::MoveDevice(id, owner, from));
    Ok(at_once(request, v.finish(change)?, ask.reason, ask.validate_only))
}

fn at_once(request: RequestKey, change: What, reason: String, validate_only: bool) -> Wanted {
    Wanted { request, change, reason, evidence: String::new(), validate_only }
}

pub(super) fn approval(mut ask: pb::ApproveCorrectionRequest) -> Result<Decision> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    let id = id(&ask.correction_id)?;
    Ok(Decision { request, id, reason: String::new(), validate_only: ask.validate_only })
}

pub(super) fn rejection(mut ask: pb::RejectCorrectionRequest) -> Result<Decision> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    dropped(request, &ask.correction_id, ask.reason)
}

pub(super) fn withdrawal(mut ask: pb::WithdrawCorrectionRequest) -> Result<Decision> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    dropped(request, &ask.correction_id, ask.reason)
}

fn dropped(request: RequestKey, id: &str, reason: String) -> Result<Decision> {
    let mut v = Violations::new();
    v.text("reason", &reason, MAX_TEXT);
    let id = v.parse("correction_id", id);
    Ok(Decision { request, id: v.finish(id)?, reason, validate_only: false })
}

pub(super) fn id(id: &str) -> Result<CorrectionId> {
    let mut v = Violations::new();
    let id = v.parse("correction_id", id);
    v.finish(id)
}

pub(super) fn filter(ask: &pb::ListCorrectionsRequest) -> Result<Filter> {
    let mut v = Violations::new();
    let person = v.optional("person_id", &ask.person_id);
    let stage = match ask.state() {
        pb::CorrectionState::Unspecified => None,
        pb::CorrectionState::Waiting => Some(Stage::Waiting),
        pb::CorrectionState::Approved => Some(Stage::Approved),
        pb::CorrectionState::Made => Some(Stage::Made),
        pb::CorrectionState::Rejected => Some(Stage::Rejected),
        pb::CorrectionState::Withdrawn => Some(Stage::Withdrawn),
    };
    let counting_since = optional_instant(&mut v, "counting_since", ask.counting_since);
    v.finish(Some(Filter { person, stage, counting_since }))
}

/// What is done to a punch or a hand-over.
fn action(v: &mut Violations, action: pb::CorrectionAction) -> Option<Action> {
    let chosen = match action {
        pb::CorrectionAction::Add => Some(Action::Add),
        pb::CorrectionAction::Void => Some(Action::Void),
        pb::CorrectionAction::Move => Some(Action::Move),
        pb::CorrectionAction::Unspecified
        | pb::CorrectionAction::Change
        | pb::CorrectionAction::Cancel
        | pb::CorrectionAction::End => None,
    };
    choice(v, "action", chosen, msg!("CORRECTION_ACTION_EXPECTED"))
}

fn punch_kind(kind: pb::PunchKind) -> Option<PunchKind> {
    match kind {
        pb::PunchKind::In => Some(PunchKind::In),
        pb::PunchKind::Out => Some(PunchKind::Out),
        pb::PunchKind::Unspecified => None,
    }
}

fn handover_kind(kind: pb::HandoverKind) -> Option<HandoverKind> {
    match kind {
        pb::HandoverKind::Take => Some(HandoverKind::Take),
        pb::HandoverKind::Release => Some(HandoverKind::Release),
        pb::HandoverKind::Unspecified => None,
    }
}

/// A text that may be empty.
fn longest(v: &mut Violations, field: &str, text: &str) {
    if !text.is_empty() {
        v.text(field, text, MAX_TEXT);
    }
}
