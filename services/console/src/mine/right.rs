//! Putting the own punches right: two fields and why. Somebody else approves it, and until then the punch stays as it was.

use askama::Template;
use axum::body::Body;
use http::Response;
use jiff::civil::DateTime;
use jiff::{Timestamp, Unit};
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::{CorrectPunchRequest, CorrectionAction, PunchKind, WithdrawCorrectionRequest};
use tally_api::performance::v1::ApplyFixRequest;
use tally_api::performance::v1::finding_service_client::FindingServiceClient;
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Result, msg};

use super::{calendar, day, own};
use crate::console::told;
use crate::ui::form::{self, Choice, Field, Form};
use crate::ui::{Ui, as_sent};
use crate::visit::{Sent, Visit};

#[derive(Template)]
#[template(path = "mine/right.html")]
struct Right {
    ui: Ui,
    said: String,
    form: Form,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Add,
    Move,
    Void,
}

impl Action {
    fn of(word: &str) -> Self {
        match word {
            "move" => Self::Move,
            "void" => Self::Void,
            _ => Self::Add,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Move => "move",
            Self::Void => "void",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Add => "UI_MINE_ADD",
            Self::Move => "UI_MINE_MOVE_TITLE",
            Self::Void => "UI_MINE_VOID_TITLE",
        }
    }
}

/// `GET /my/facts/right?day=` for a punch that was forgotten, `?punch=&at=&kind=` for one that is wrong, and `&action=void` for one that never was.
pub async fn ask(visit: Visit) -> Response<Body> {
    visit.page(asked(&visit).await)
}

async fn asked(visit: &Visit) -> Result<Right> {
    let asked = visit.asked();
    let punch = asked.get("punch");
    let action = match (punch.is_empty(), asked.get("action")) {
        (true, _) => Action::Add,
        (false, "void") => Action::Void,
        (false, _) => Action::Move,
    };
    let given = asked.get("at").parse::<Timestamp>().ok();
    let (kind, at) = match asked.get("day").parse() {
        Ok(date) => {
            let (kind, at) = calendar::missing(visit, date).await?;
            (kind.to_owned(), Some(at.unwrap_or_else(|| day::begins(date, &own::site(visit)))))
        }
        Err(_) => (asked.get("kind").to_owned(), given),
    };
    Ok(page(visit, action, (punch, &kind, at)))
}

fn page(visit: &Visit, action: Action, (punch, kind, at): (&str, &str, Option<Timestamp>)) -> Right {
    let ui = visit.ui(&msg!("NAV_FACTS"));
    let ui = ui.clone().titled(ui.t(action.title())).below("/my/facts", ui.t("NAV_FACTS"));
    let said = at.filter(|_| action != Action::Add).map(|at| {
        let kind = ui.word(if kind == "in" { "PUNCH_KIND_IN" } else { "PUNCH_KIND_OUT" });
        ui.say(&msg!("UI_MINE_IT_WAS", kind, at = ui.format.moment(at)))
    });
    let form = form(&ui, action, (punch, kind, at));
    Right { form, said: said.unwrap_or_default(), ui }
}

fn form(ui: &Ui, action: Action, (punch, kind, at): (&str, &str, Option<Timestamp>)) -> Form {
    let choices = vec![Choice::new("in", ui.word("PUNCH_KIND_IN")), Choice::new("out", ui.word("PUNCH_KIND_OUT"))];
    let local = at.and_then(|at| ui.format.zone().to_datetime(at).round(Unit::Minute).ok());
    let local = local.map(|at| at.strftime("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default();
    let zone = ui.format.zone().iana_name().unwrap_or("UTC").to_owned();
    let mut form = Form::new(ui, "/my/facts/right", "right", "UI_MINE_ASK")
        .with(Field::hidden("action", action.word()))
        .with(Field::hidden("punch_id", punch));
    if action != Action::Void {
        let when = Field::new(ui, "at", "UI_MINE_WHEN", form::Kind::Moment).required().value(local);
        form = form
            .with(when.hint(ui.say(&msg!("UI_MINE_ZONE", zone))))
            .with(Field::new(ui, "kind", "UI_MINE_KIND", form::Kind::Choice(choices)).required().value(kind));
    }
    let reason = Field::new(ui, "reason", "UI_REASON", form::Kind::Long).required().hint(ui.t("UI_REASON_HINT"));
    form.with(reason)
}

/// `POST /my/facts/right`.
pub async fn send(visit: Visit, sent: Sent) -> Response<Body> {
    match correct(&visit, &sent).await {
        Ok(()) => visit.done("/my/facts", "ASKED"),
        Err(error) => {
            let mut page = page(&visit, Action::of(sent.get("action")), (sent.get("punch_id"), sent.get("kind"), None));
            page.form = page.form.refused(&page.ui, sent.fields(), &error);
            visit.wrong(Ok(page), &error)
        }
    }
}

async fn correct(visit: &Visit, sent: &Sent) -> Result<()> {
    let ui = visit.ui(&msg!("NAV_FACTS"));
    let action = Action::of(sent.get("action"));
    let at = match action {
        Action::Void => None,
        _ => Some(as_sent(read(&ui, sent.get("at"))?)),
    };
    let (kind, rpc) = match (action, sent.get("kind")) {
        (Action::Void, _) => (PunchKind::Unspecified, CorrectionAction::Void),
        (Action::Move, kind) => (kind_of(kind), CorrectionAction::Move),
        (Action::Add, kind) => (kind_of(kind), CorrectionAction::Add),
    };
    let ask = CorrectPunchRequest {
        request_id: sent.request_id(),
        action: rpc.into(),
        punch_id: sent.get("punch_id").to_owned(),
        person_id: if action == Action::Add { visit.me().person_id } else { String::new() },
        at,
        kind: kind.into(),
        reason: sent.get("reason").to_owned(),
        ..Default::default()
    };
    let client = CorrectionServiceClient::new(visit.channel("attendance")?);
    told(client.clone().correct_punch(visit.request(ask))).await.map(|_| ())
}

fn kind_of(word: &str) -> PunchKind {
    match word {
        "in" => PunchKind::In,
        "out" => PunchKind::Out,
        _ => PunchKind::Unspecified,
    }
}

/// A time as a browser writes it, in the zone that times are shown in.
fn read(ui: &Ui, text: &str) -> Result<Timestamp> {
    let wrong = || {
        Error::of(Kind::InvalidArgument, msg!("INVALID_REQUEST", count = 1))
            .at("at".to_owned(), msg!("TIME_MALFORMED", text))
    };
    let local: DateTime = text.parse().map_err(|_| wrong())?;
    ui.format.zone().to_ambiguous_timestamp(local).compatible().map_err(|_| wrong())
}

/// `POST /my/facts/fix`: asks for what a finding proposes.
pub async fn fix(visit: Visit, sent: Sent) -> Response<Body> {
    let done = async {
        let (finding_id, reason) = (sent.get("finding_id").to_owned(), sent.get("reason").to_owned());
        let ask = ApplyFixRequest { request_id: sent.request_id(), finding_id, reason };
        let client = FindingServiceClient::new(visit.channel("performance")?);
        told(client.clone().apply_fix(visit.request(ask))).await.map(|_| ())
    };
    after(&visit, done.await, "ASKED")
}

/// `POST /my/facts/withdraw`: takes back what was asked for.
pub async fn withdraw(visit: Visit, sent: Sent) -> Response<Body> {
    let done = async {
        let (correction_id, reason) = (sent.get("correction_id").to_owned(), sent.get("reason").to_owned());
        let ask = WithdrawCorrectionRequest { request_id: sent.request_id(), correction_id, reason };
        let client = CorrectionServiceClient::new(visit.channel("attendance")?);
        told(client.clone().withdraw_correction(visit.request(ask))).await.map(|_| ())
    };
    after(&visit, done.await, "WITHDRAWN")
}

fn after(visit: &Visit, done: Result<()>, id: &str) -> Response<Body> {
    match done {
        Ok(()) => visit.done("/my/facts", id),
        Err(error) => visit.refused(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_it_does_and_is_read_again() {
        for action in [Action::Add, Action::Move, Action::Void] {
            assert_eq!(Action::of(action.word()), action);
        }
        assert_eq!(Action::of("something else"), Action::Add);
        assert_eq!(
            (kind_of("in"), kind_of("out"), kind_of("")),
            (PunchKind::In, PunchKind::Out, PunchKind::Unspecified)
        );
    }
}
