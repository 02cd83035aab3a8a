//! The inbox of corrections: what was asked to be put right, by whom, why, and who decides.

mod facts;

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::{
    ApproveCorrectionRequest, Correction, CorrectionState, GetCorrectionRequest, ListCorrectionsRequest,
    RejectCorrectionRequest, WithdrawCorrectionRequest,
};
use tally_kernel::{Error, Result, msg};

use self::facts::Known;
use super::pages::{List, touch};
use crate::act::{Step, Touch, all_right, missing};
use crate::console::told;
use crate::names::AT_ONCE;
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Me, Ui, instant};
use crate::visit::{Sent, Visit};

/// States in the order of the tabs: what waits comes first.
const STATES: [CorrectionState; 5] = [
    CorrectionState::Waiting,
    CorrectionState::Approved,
    CorrectionState::Made,
    CorrectionState::Rejected,
    CorrectionState::Withdrawn,
];
/// The tab of all states.
const ALL: &str = "all";

/// `GET /corrections?state=`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

/// The name of a state in addresses.
fn slug(state: CorrectionState) -> String {
    state.as_str_name().trim_start_matches("CORRECTION_STATE_").to_lowercase()
}

/// The state that the address asks for: what waits, where it says nothing; unspecified for all.
fn state_of(asked: &str) -> CorrectionState {
    let known = STATES.into_iter().find(|state| slug(*state) == asked);
    known.unwrap_or(if asked == ALL { CorrectionState::Unspecified } else { CorrectionState::Waiting })
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_CORRECTIONS"));
    let asked = visit.asked();
    let state = state_of(asked.get("state"));
    let ask = ListCorrectionsRequest { state: state.into(), page_size: AT_ONCE, ..Default::default() };
    let mut client = CorrectionServiceClient::new(visit.channel("attendance")?);
    let request = visit.request(ask);
    let (found, known) = futures::try_join!(told(client.list_corrections(request)), Known::of(visit))?;
    let columns = vec![
        Column::text(&ui, "what", "UI_WHAT"),
        Column::text(&ui, "person", "UI_ABOUT"),
        Column::text(&ui, "before", "UI_BEFORE"),
        Column::text(&ui, "after", "UI_AFTER"),
        Column::text(&ui, "why", "UI_REASON"),
        Column::text(&ui, "by", "UI_ASKED_BY").filtered(),
        Column::text(&ui, "at", "UI_ASKED_AT"),
        Column::text(&ui, "state", "UI_STATE"),
        Column::text(&ui, "kind", "UI_KIND").filtered().hidden(),
    ];
    let rows = found.corrections.iter().map(|it| row(&ui, it, &known)).collect();
    let empty = if state == CorrectionState::Waiting { "UI_NO_CORRECTIONS_WAITING" } else { "UI_NO_CORRECTIONS" };
    let table = Table::new(&ui, ("corrections", "NAV_CORRECTIONS", empty), &asked, columns, rows);
    let mut list = List::new(ui, table);
    list.tabs = tabs(&list.ui, state);
    if !found.next_page_token.is_empty() {
        list.notes.push(("warn", list.ui.say(&msg!("UI_ONLY_NEWEST", count = AT_ONCE))));
    }
    Ok(list)
}

fn tabs(ui: &Ui, now: CorrectionState) -> Vec<(String, String, bool)> {
    let tab = |state: CorrectionState| {
        (format!("/corrections?state={}", slug(state)), ui.word(state.as_str_name()), state == now)
    };
    let all = (format!("/corrections?state={ALL}"), ui.t("UI_ALL_STATES"), now == CorrectionState::Unspecified);
    STATES.into_iter().map(tab).chain([all]).collect()
}

fn tone(state: CorrectionState) -> &'static str {
    match state {
        CorrectionState::Waiting => "warn",
        CorrectionState::Approved | CorrectionState::Made => "good",
        CorrectionState::Rejected => "bad",
        _ => "plain",
    }
}

fn row(ui: &Ui, it: &Correction, known: &Known) -> Row {
    let after: Vec<_> = it.after.iter().map(|fact| known.fact(ui, fact)).collect();
    let at = it.requested_at.as_ref().and_then(instant).map_or(0, |at| at.as_second());
    let person = if it.person_id.is_empty() { String::new() } else { known.people.said(&it.person_id) };
    Row {
        id: it.correction_id.clone(),
        href: format!("/corrections/{}", it.correction_id),
        cells: vec![
            Cell::text(format!("{}: {}", known.kind(ui, it), ui.word(it.action().as_str_name()))),
            Cell::text(person),
            Cell::text(it.before.as_ref().map_or_else(String::new, |fact| known.fact(ui, fact))),
            Cell::text(after.join("; ")),
            Cell::text(&it.reason),
            Cell::text(known.principal(ui, &it.requested_by)),
            Cell::when(ui.moment(it.requested_at.as_ref()), at),
            Cell::pill(ui.word(it.state().as_str_name()), tone(it.state())),
            Cell::text(known.kind(ui, it)),
        ],
    }
}

#[derive(Template)]
#[template(path = "structure/correction.html")]
struct Page {
    ui: Ui,
    state: (String, &'static str),
    notes: Vec<(&'static str, String)>,
    before: String,
    after: Vec<String>,
    reason: String,
    facts: Vec<(String, String)>,
    forms: Vec<(String, Form)>,
    touch: Touch,
    history: Vec<Step>,
}

/// `GET /corrections/{id}`.
pub async fn correction(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(shown(&visit, &id).await)
}

/// What a reader may do about a correction, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    /// Approve or reject it.
    Decide,
    /// Take it back: the reader asked.
    Withdraw,
    /// The reader may look alone.
    Look,
    /// It is about the reader, and somebody else asked.
    NotOwn,
    /// Nothing is to be decided any more.
    Over,
}

fn may(me: &Me, it: &Correction) -> May {
    if it.state() != CorrectionState::Waiting {
        May::Over
    } else if it.requested_by == me.principal_id {
        May::Withdraw
    } else if !me.may(Permission::CorrectionApprove) {
        May::Look
    } else if !me.person_id.is_empty() && it.person_id == me.person_id {
        May::NotOwn
    } else {
        May::Decide
    }
}

async fn shown(visit: &Visit, id: &str) -> Result<Page> {
    let ask = GetCorrectionRequest { correction_id: id.to_owned() };
    let mut client = CorrectionServiceClient::new(visit.channel("attendance")?);
    let request = visit.request(ask);
    let (found, known) = futures::try_join!(told(client.get_correction(request)), Known::of(visit))?;
    let it = found.correction.ok_or_else(|| Error::not_found("correction", id))?;
    let ui = visit.ui(&msg!("NAV_CORRECTIONS"));
    let (list, title) = (ui.title.clone(), format!("{}: {}", known.kind(&ui, &it), ui.word(it.action().as_str_name())));
    let ui = ui.below("/corrections", list).titled(title);
    let allowed = may(&visit.me(), &it);
    let said = match allowed {
        May::Decide => "UI_CORRECTION_DECIDE",
        May::Withdraw => "UI_CORRECTION_OWN",
        May::NotOwn => "UI_CORRECTION_ABOUT_YOU",
        May::Look => "UI_CORRECTION_LOOK",
        May::Over => "UI_CORRECTION_OVER",
    };
    let person = if it.person_id.is_empty() { ui.t("UI_NOBODY") } else { known.people.said(&it.person_id) };
    let mut facts = vec![
        (ui.t("UI_ABOUT"), person),
        (ui.t("UI_ASKED_BY"), known.principal(&ui, &it.requested_by)),
        (ui.t("UI_ASKED_AT"), ui.moment(it.requested_at.as_ref())),
    ];
    if !it.evidence.is_empty() {
        facts.push((ui.t("UI_EVIDENCE"), it.evidence.clone()));
    }
    Ok(Page {
        state: (ui.word(it.state().as_str_name()), tone(it.state())),
        notes: vec![("plain", ui.t(said))],
        before: it.before.as_ref().map_or_else(String::new, |fact| known.fact(&ui, fact)),
        after: it.after.iter().map(|fact| known.fact(&ui, fact)).collect(),
        reason: if it.reason.is_empty() { ui.t("UI_NO_REASON") } else { it.reason.clone() },
        facts,
        forms: forms(&ui, id, allowed),
        history: history(&ui, &it, &known),
        touch: touch(&ui, it.touched, (&known.people, &known.accounts)),
        ui,
    })
}

fn forms(ui: &Ui, id: &str, may: May) -> Vec<(String, Form)> {
    let form = |slug: &'static str, label: &str| Form::new(ui, format!("/corrections/{id}/{slug}"), slug, label);
    let reason = || Field::new(ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_REASON_HINT"));
    match may {
        May::Decide => vec![
            (ui.t("UI_APPROVE"), form("approve", "UI_APPROVE")),
            (ui.t("UI_REJECT"), form("reject", "UI_REJECT").with(reason()).danger()),
        ],
        May::Withdraw => vec![(ui.t("UI_WITHDRAW"), form("withdraw", "UI_WITHDRAW").with(reason()).danger())],
        _ => Vec::new(),
    }
}

fn history(ui: &Ui, it: &Correction, known: &Known) -> Vec<Step> {
    let step = |label: &str, at: Option<&prost_types::Timestamp>, by: &str, said: &str, tone| Step {
        tone,
        days: ui.moment(at),
        title: ui.t(label),
        said: [known.principal(ui, by), said.to_owned()]
            .into_iter()
            .filter(|it| !it.is_empty())
            .collect::<Vec<_>>()
            .join(" · "),
        ..Default::default()
    };
    let mut steps = vec![step("UI_ASKED", it.requested_at.as_ref(), &it.requested_by, &it.reason, "")];
    if it.approved_at.is_some() && !it.approved_by.is_empty() {
        steps.push(step("UI_APPROVED", it.approved_at.as_ref(), &it.approved_by, "", "good"));
    }
    if it.dropped_at.is_some() {
        let label = if it.state() == CorrectionState::Rejected { "UI_REJECTED" } else { "UI_WITHDRAWN" };
        steps.push(step(label, it.dropped_at.as_ref(), &it.dropped_by, &it.drop_reason, "bad"));
    }
    steps
}

/// `POST /corrections/{id}/{deed}`.
pub async fn decide(visit: Visit, Path((id, deed)): Path<(String, String)>, sent: Sent) -> Response<Body> {
    match decided(&visit, &id, &deed, &sent).await {
        Ok(done) => visit.done("/corrections", done),
        Err(error) => match shown(&visit, &id).await {
            Err(_) => visit.refused(&error),
            Ok(page) => visit.wrong(Ok(refused(page, &deed, &sent, &error)), &error),
        },
    }
}

/// The page with what was refused in the form that was sent; above where that form is there no more.
fn refused(mut page: Page, deed: &str, sent: &Sent, error: &Error) -> Page {
    let mut told = false;
    let mut forms = Vec::new();
    for (title, form) in page.forms {
        let is_sent = form.name == deed;
        told |= is_sent;
        forms.push((title, if is_sent { form.refused(&page.ui, sent.fields(), error) } else { form }));
    }
    page.forms = forms;
    if !told {
        page.notes.insert(0, ("bad", tally_i18n::sentence(page.ui.locale(), error)));
    }
    page
}

async fn decided(visit: &Visit, id: &str, deed: &str, sent: &Sent) -> Result<&'static str> {
    let mut client = CorrectionServiceClient::new(visit.channel("attendance")?);
    let (request_id, correction_id, reason) = (sent.request_id(), id.to_owned(), sent.get("reason").to_owned());
    if deed != "approve" {
        all_right(missing(sent, &["reason"]))?;
    }
    match deed {
        "approve" => {
            let ask = ApproveCorrectionRequest { request_id, correction_id, validate_only: false };
            told(client.approve_correction(visit.request(ask))).await.map(|_| "CORRECTION_APPROVED")
        }
        "reject" => {
            let ask = RejectCorrectionRequest { request_id, correction_id, reason };
            told(client.reject_correction(visit.request(ask))).await.map(|_| "CORRECTION_REJECTED")
        }
        "withdraw" => {
            let ask = WithdrawCorrectionRequest { request_id, correction_id, reason };
            told(client.withdraw_correction(visit.request(ask))).await.map(|_| "CORRECTION_WITHDRAWN")
        }
        _ => Err(Error::not_found("page", deed)),
    }
}

#[cfg(test)]
mod tests {
    use tally_api::identity::v1::{GetOwnAccessResponse, OwnPermission, OwnReach};

    use super::*;

    fn me(permissions: &[Permission]) -> Me {
        let own = |it: &Permission| OwnPermission { permission: it.name().into(), reach: OwnReach::Some.into() };
        Me::of(GetOwnAccessResponse {
            principal_id: "me".into(),
            person_id: "my-person".into(),
            permissions: permissions.iter().map(own).collect(),
            ..Default::default()
        })
    }

    fn asked(by: &str, about: &str, state: CorrectionState) -> Correction {
        Correction { requested_by: by.into(), person_id: about.into(), state: state.into(), ..Default::default() }
    }

    #[test]
    fn somebody_else_than_who_asked_decides_and_never_about_themselves() {
        let (approver, reader) = (me(&[Permission::CorrectionApprove]), me(&[Permission::CorrectionRead]));
        let waiting = CorrectionState::Waiting;
        assert_eq!(may(&approver, &asked("other", "other-person", waiting)), May::Decide);
        assert_eq!(may(&approver, &asked("me", "other-person", waiting)), May::Withdraw);
        assert_eq!(may(&approver, &asked("other", "my-person", waiting)), May::NotOwn);
        assert_eq!(may(&reader, &asked("other", "other-person", waiting)), May::Look);
        assert_eq!(may(&approver, &asked("other", "other-person", CorrectionState::Approved)), May::Over);
    }

    #[test]
    fn what_waits_is_shown_first() {
        assert_eq!(state_of(""), CorrectionState::Waiting);
        assert_eq!(state_of("rejected"), CorrectionState::Rejected);
        assert_eq!(state_of(ALL), CorrectionState::Unspecified);
    }
}
