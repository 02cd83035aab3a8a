//! Who took over and handed over which account, what was put right of it, and asking to put one right.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tally_access::Permission;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::handover_service_client::HandoverServiceClient;
use tally_api::attendance::v1::{
    Account, CorrectHandoverRequest, Correction, CorrectionAction, CorrectionState, FactState, GetHandoverRequest,
    Handover, HandoverKind, ListCorrectionsRequest, duty_fact,
};
use tally_kernel::{Result, msg};

use super::{duty, moments, roster, shifts};
use crate::act::{self, Act};
use crate::console::told;
use crate::names::{self, AT_ONCE, Names};
use crate::ui::form::{Choice, Field, Form, Kind as FieldKind};
use crate::ui::table::{Asked, Cell, Column, Row, Table};
use crate::ui::{Ui, as_sent, instant};
use crate::visit::{Sent, Visit};

/// Days that are shown where nothing else is asked for.
const DAYS: i64 = 31;

#[derive(Template)]
#[template(path = "team/handovers.html")]
struct List {
    ui: Ui,
    from: String,
    to: String,
    may_ask: bool,
    waiting: String,
    table: Table,
}

/// `GET /team/handovers?from=&to=`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

/// The days that are asked for: else the last month, of which there is something most likely.
fn days(ui: &Ui, asked: &Asked) -> (Date, Date) {
    let today = ui.now().to_zoned(ui.format.zone().clone()).date();
    let to = asked.get("to").parse().unwrap_or(today);
    let from = asked.get("from").parse().unwrap_or(to.checked_sub(DAYS.days()).unwrap_or(to));
    (from.min(to), to)
}

fn window((from, to): (Date, Date), zone: &TimeZone) -> (Timestamp, Timestamp) {
    let at = |day: Date| day.to_zoned(zone.clone()).map(|at| at.timestamp()).unwrap_or_default();
    (at(from), at(to.tomorrow().unwrap_or(to)))
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_HANDOVERS"));
    let asked = visit.asked();
    let days = days(&ui, &asked);
    let (handovers, people, accounts, corrections) = futures::try_join!(
        moments::all_handovers(visit, "", window(days, ui.format.zone()), false),
        names::people(visit),
        names::accounts(visit),
        corrections(visit)
    )?;
    let waiting = corrections.values().filter(|it| it.state() == CorrectionState::Waiting).count();
    let rows = Rows { ui: &ui, people: &people, accounts: &accounts, corrections: &corrections, days };
    Ok(List {
        from: days.0.to_string(),
        to: days.1.to_string(),
        may_ask: ui.me().is_some_and(|me| me.may_others(Permission::CorrectionRequest)),
        waiting: if waiting > 0 { ui.say(&msg!("UI_TEAM_CORRECTIONS_WAIT", count = waiting)) } else { String::new() },
        table: rows.table(&asked, &handovers),
        ui,
    })
}

/// Corrections of hand-overs: by their id; and those that wait, by the hand-over that they are about.
async fn corrections(visit: &Visit) -> Result<BTreeMap<String, Correction>> {
    if !visit.me().may(Permission::CorrectionRead) {
        return Ok(BTreeMap::new());
    }
    let client = CorrectionServiceClient::new(visit.channel("attendance")?);
    let all = tally_rpc::pages(async |page_token| {
        let ask = ListCorrectionsRequest { page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_corrections(visit.request(ask)).await?.into_inner();
        Ok((page.corrections, page.next_page_token))
    })
    .await?;
    let about = |it: &Correction| it.before.iter().chain(&it.after).any(|fact| handover_of(fact).is_some());
    Ok(all.into_iter().filter(about).map(|it| (it.correction_id.clone(), it)).collect())
}

fn handover_of(fact: &tally_api::attendance::v1::DutyFact) -> Option<&Handover> {
    match &fact.fact {
        Some(duty_fact::Fact::Handover(handover)) => Some(handover),
        _ => None,
    }
}

/// What waits about a hand-over.
fn waiting<'c>(corrections: &'c BTreeMap<String, Correction>, id: &str) -> Option<&'c Correction> {
    corrections.values().find(|it| {
        let before = it.before.as_ref().and_then(handover_of);
        it.state() == CorrectionState::Waiting && before.is_some_and(|before| before.handover_id == id)
    })
}

struct Rows<'a> {
    ui: &'a Ui,
    people: &'a Names,
    accounts: &'a [Account],
    corrections: &'a BTreeMap<String, Correction>,
    days: (Date, Date),
}

impl Rows<'_> {
    fn table(&self, asked: &Asked, handovers: &[Handover]) -> Table {
        let ui = self.ui;
        let columns = vec![
            Column::text(ui, "at", "UI_TEAM_WHEN"),
            Column::text(ui, "person", "UI_TEAM_PERSON").filtered(),
            Column::text(ui, "kind", "UI_TEAM_WHAT").filtered(),
            Column::text(ui, "account", "UI_TEAM_ACCOUNT").filtered(),
            Column::text(ui, "state", "UI_STATE").filtered(),
            Column::text(ui, "why", "UI_TEAM_PUT_RIGHT_BECAUSE"),
        ];
        let rows = handovers.iter().map(|it| self.row(it)).collect();
        Table::new(ui, ("handovers", "NAV_HANDOVERS", "UI_TEAM_NO_HANDOVERS"), asked, columns, rows)
    }

    fn row(&self, handover: &Handover) -> Row {
        let ui = self.ui;
        let account = self.accounts.iter().find(|it| it.account_id == handover.account_id);
        let zone = account.map_or_else(|| ui.format.zone().clone(), |it| duty::zone_of(ui, it));
        let at = handover.at.as_ref().and_then(instant).unwrap_or_default();
        let standing = handover.standing.clone().unwrap_or_default();
        let asked = waiting(self.corrections, &handover.handover_id);
        let by = [&standing.superseded_by, &standing.correction_id];
        let correction = asked.or_else(|| by.into_iter().find_map(|id| self.corrections.get(id)));
        let (from, to) = self.days;
        Row {
            id: handover.handover_id.clone(),
            href: format!("/team/handovers/{}?from={from}&to={to}", handover.handover_id),
            cells: vec![
                Cell::when(ui.format.moment_in(at, &zone), at.as_second()),
                Cell::text(self.people.said(&handover.person_id)),
                Cell::pill(
                    ui.word(handover.kind().as_str_name()),
                    if moments::is_take(handover) { "accent" } else { "plain" },
                ),
                Cell::text(account.map(duty::account_name).unwrap_or_else(|| ui.t("UI_TEAM_OTHER_ACCOUNT"))),
                match asked {
                    Some(_) => Cell::pill(ui.word(CorrectionState::Waiting.as_str_name()), "warn"),
                    None => roster::state(ui, handover.standing.as_ref()),
                },
                Cell::text(correction.map(|it| it.reason.clone()).unwrap_or_default()),
            ],
        }
    }
}

#[derive(Template)]
#[template(path = "team/handover.html")]
struct One {
    ui: Ui,
    facts: Vec<(String, String)>,
    state: (String, &'static str),
    /// When, what was asked and why, its tone, and where it leads.
    corrections: Vec<(String, String, &'static str, String)>,
    note: String,
    form: Option<Form>,
    timeline: String,
}

/// `GET /team/handovers/{id}?from=&to=`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(found(&visit, &id).await.map(|(page, _)| page))
}

async fn get(visit: &Visit, id: &str) -> Result<Handover> {
    let mut client = HandoverServiceClient::new(visit.channel("attendance")?);
    let ask = GetHandoverRequest { handover_id: id.to_owned() };
    Ok(told(client.get_handover(visit.request(ask))).await?.handover.unwrap_or_default())
}

async fn found(visit: &Visit, id: &str) -> Result<(One, TimeZone)> {
    let ui = visit.ui(&msg!("NAV_HANDOVERS"));
    let days = days(&ui, &visit.asked());
    let (handover, people, accounts, corrections) =
        futures::try_join!(get(visit, id), names::people(visit), names::accounts(visit), corrections(visit))?;
    let account = accounts.iter().find(|it| it.account_id == handover.account_id).cloned().unwrap_or_default();
    let zone = duty::zone_of(&ui, &account);
    let at = handover.at.as_ref().and_then(instant).unwrap_or_default();
    let back = format!("/team/handovers?from={}&to={}", days.0, days.1);
    let ui = ui.clone().below(back, ui.title.clone());
    let kind = ui.word(handover.kind().as_str_name());
    let ui = ui.titled(format!("{} · {kind}", people.said(&handover.person_id)));
    let about = |it: &&Correction| {
        it.before.iter().chain(&it.after).filter_map(handover_of).any(|fact| fact.handover_id == id)
            || handover
                .standing
                .as_ref()
                .is_some_and(|by| [&by.correction_id, &by.superseded_by].contains(&&it.correction_id))
    };
    let told: Vec<_> = corrections.values().filter(about).map(|it| correction(&ui, it)).collect();
    let counts = handover.standing.as_ref().is_none_or(|it| it.state() == FactState::Counts);
    let may = ui.me().is_some_and(|me| me.may_others(Permission::CorrectionRequest));
    let waits = waiting(&corrections, id).is_some();
    let state = roster::state(&ui, handover.standing.as_ref());
    let action = format!("/team/handovers/{id}?from={}&to={}", days.0, days.1);
    let page = One {
        facts: vec![
            (ui.t("UI_TEAM_ACCOUNT"), duty::account_name(&account)),
            (ui.t("UI_TEAM_WHEN"), ui.format.moment_in(at, &zone)),
            (ui.t("UI_TEAM_WHAT"), kind),
        ],
        state: (state.text.clone(), state.tone()),
        corrections: told,
        note: match (may, counts, waits) {
            (_, false, _) => ui.t("UI_TEAM_COUNTS_NO_MORE"),
            (_, _, true) => ui.t("UI_TEAM_CORRECTION_WAITS"),
            (false, ..) => ui.t("UI_TEAM_CORRECTION_NOT_YOURS"),
            _ => ui.t("UI_TEAM_FIX_WAITS"),
        },
        form: (may && counts && !waits).then(|| correct_form(&ui, at, &zone, action)),
        timeline: format!("/team/accounts/{}?day={}", account.account_id, zone.to_datetime(at).date()),
        ui,
    };
    Ok((page, zone))
}

fn correction(ui: &Ui, correction: &Correction) -> (String, String, &'static str, String) {
    let at = correction.requested_at.as_ref().and_then(instant).map(|at| ui.format.moment(at)).unwrap_or_default();
    let (action, state) = (ui.word(correction.action().as_str_name()), ui.word(correction.state().as_str_name()));
    let tone = match correction.state() {
        CorrectionState::Approved | CorrectionState::Made => "good",
        CorrectionState::Waiting => "warn",
        _ => "",
    };
    (
        at,
        format!("{action} · {state}. {}", correction.reason),
        tone,
        format!("/corrections/{}", correction.correction_id),
    )
}

fn correct_form(ui: &Ui, at: Timestamp, zone: &TimeZone, action: String) -> Form {
    let word = |action: CorrectionAction| Choice::new(action.as_str_name(), ui.word(action.as_str_name()));
    let actions = FieldKind::Choice(vec![word(CorrectionAction::Move), word(CorrectionAction::Void)]);
    let local = zone.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    Form::new(ui, action, "correct", "UI_TEAM_ASK_TO_PUT_RIGHT")
        .with(
            Field::new(ui, "action", "UI_TEAM_WHAT_IS_RIGHT", actions)
                .required()
                .value(CorrectionAction::Move.as_str_name()),
        )
        .with(
            Field::new(ui, "at", "UI_TEAM_WHEN_IT_WAS", FieldKind::Moment).value(local).hint(ui.t("UI_TEAM_MOVE_HINT")),
        )
        .with(Field::new(ui, "reason", "UI_REASON", FieldKind::Long).required().hint(ui.t("UI_REASON_HINT")))
        .with(Field::text(ui, "evidence", "UI_TEAM_WHAT_SHOWS_IT"))
}

/// `POST /team/handovers/{id}`: asks to put it right.
pub async fn correct(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let (mut page, zone) = match found(&visit, &id).await {
        Ok(found) => found,
        Err(error) => return visit.refused(&error),
    };
    let action = CorrectionAction::from_str_name(sent.get("action")).unwrap_or_default();
    let ask = CorrectHandoverRequest { action: action.into(), handover_id: id, ..Default::default() };
    match asked(&visit, ask, &zone, &sent, action != CorrectionAction::Void).await {
        Ok(()) => visit.done("/team/handovers", "CORRECTION_ASKED"),
        Err(error) => {
            page.form = page.form.map(|form| form.refused(&page.ui, sent.fields(), &error));
            visit.wrong(Ok(page), &error)
        }
    }
}

async fn asked(visit: &Visit, ask: CorrectHandoverRequest, zone: &TimeZone, sent: &Sent, timed: bool) -> Result<()> {
    let mut wrong = act::missing(sent, &["reason"]);
    let at = timed.then(|| shifts::moment(sent.get("at"), zone).map_err(|why| wrong.push(("at", why))).ok()).flatten();
    act::all_right(wrong)?;
    let ask = CorrectHandoverRequest {
        request_id: sent.request_id(),
        at: at.map(as_sent),
        reason: sent.get("reason").to_owned(),
        evidence: sent.get("evidence").to_owned(),
        ..ask
    };
    let mut client = CorrectionServiceClient::new(visit.channel("attendance")?);
    told(client.correct_handover(visit.request(ask))).await?;
    Ok(())
}

/// `GET /team/handovers/new`: one that was forgotten.
pub async fn new_form(visit: Visit) -> Response<Body> {
    let known = futures::try_join!(names::people(&visit), names::accounts(&visit));
    visit.page(known.map(|(people, accounts)| forgotten(&visit, &people, &accounts)))
}

fn forgotten(visit: &Visit, people: &Names, accounts: &[Account]) -> Act {
    let ui =
        visit.ui(&msg!("UI_TEAM_FORGOTTEN_HANDOVER")).below("/team/handovers", visit.ui(&msg!("NAV_HANDOVERS")).title);
    let kinds = [HandoverKind::Take, HandoverKind::Release].map(|it| it.as_str_name());
    let account = FieldKind::Choice(Names::of_accounts(accounts).choices());
    let person = FieldKind::Among(people.labels());
    let form = Form::new(&ui, "/team/handovers/new", "forgotten", "UI_TEAM_ASK_TO_PUT_RIGHT")
        .with(Field::new(&ui, "person_id", "UI_TEAM_PERSON", person).required().hint(ui.t("UI_TEAM_PERSON_HINT")))
        .with(Field::new(&ui, "account_id", "UI_TEAM_ACCOUNT", account).required())
        .with(act::word_field(&ui, "kind", "UI_TEAM_WHAT", &kinds).required())
        .with(
            Field::new(&ui, "at", "UI_TEAM_WHEN_IT_WAS", FieldKind::Moment)
                .required()
                .hint(ui.t("UI_TEAM_TIMES_OF_ACCOUNTS")),
        )
        .with(Field::new(&ui, "reason", "UI_REASON", FieldKind::Long).required().hint(ui.t("UI_REASON_HINT")))
        .with(Field::text(&ui, "evidence", "UI_TEAM_WHAT_SHOWS_IT"));
    Act::new(ui.clone(), form, "/team/handovers").note("plain", ui.t("UI_TEAM_FIX_WAITS"))
}

/// `POST /team/handovers/new`.
pub async fn add(visit: Visit, sent: Sent) -> Response<Body> {
    let (people, accounts) = match futures::try_join!(names::people(&visit), names::accounts(&visit)) {
        Ok(known) => known,
        Err(error) => return visit.refused(&error),
    };
    let page = forgotten(&visit, &people, &accounts);
    let done = added(&visit, &page.ui, (&people, &accounts), &sent).await;
    page.answered(&visit, &sent, done, ("/team/handovers", "CORRECTION_ASKED"))
}

async fn added(visit: &Visit, ui: &Ui, (people, accounts): (&Names, &[Account]), sent: &Sent) -> Result<()> {
    let mut wrong = act::missing(sent, &["account_id", "kind", "reason"]);
    let person = people.find(sent.get("person_id")).map_err(|why| wrong.push(("person_id", why))).ok();
    let account = accounts.iter().find(|it| it.account_id == sent.get("account_id"));
    let zone = account.map_or_else(|| ui.format.zone().clone(), |it| duty::zone_of(ui, it));
    if let Err(why) = shifts::moment(sent.get("at"), &zone) {
        wrong.push(("at", why));
    }
    act::all_right(wrong)?;
    let ask = CorrectHandoverRequest {
        action: CorrectionAction::Add.into(),
        person_id: person.unwrap_or_default(),
        account_id: sent.get("account_id").to_owned(),
        kind: HandoverKind::from_str_name(sent.get("kind")).unwrap_or_default().into(),
        ..Default::default()
    };
    asked(visit, ask, &zone, sent, true).await
}

#[cfg(test)]
mod tests {
    use tally_api::attendance::v1::DutyFact;

    use super::*;

    #[test]
    fn what_waits_about_a_handover_is_found_and_what_is_done_is_not() {
        let handover = Handover { handover_id: "h".to_owned(), ..Handover::default() };
        let before = Some(DutyFact { fact: Some(duty_fact::Fact::Handover(handover)) });
        let correction = |id: &str, state: CorrectionState| {
            let correction_id = id.to_owned();
            (
                id.to_owned(),
                Correction { correction_id, state: state.into(), before: before.clone(), ..Correction::default() },
            )
        };
        let done = BTreeMap::from([correction("a", CorrectionState::Approved)]);
        assert_eq!(waiting(&done, "h"), None);
        let both =
            BTreeMap::from([correction("a", CorrectionState::Approved), correction("b", CorrectionState::Waiting)]);
        assert_eq!(waiting(&both, "h").map(|it| it.correction_id.as_str()), Some("b"));
        assert_eq!(waiting(&both, "other"), None);
    }
}
