//! Pay put right after it was posted: corrections, what each changes for whom, and their four eyes.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::compensation::v1::correction_service_client::CorrectionServiceClient;
use tally_api::compensation::v1::{
    ApproveCorrectionRequest, DraftCorrectionRequest, DraftCorrectionResponse, GetCorrectionRequest,
    ListCorrectionsRequest, ListDeltasRequest, PayCorrection, PayCorrectionState, PayDelta, Settlement,
    SettlementState, WithdrawCorrectionRequest,
};
use tally_kernel::{Error, Kind, Result, msg};

use super::names::{self, AT_ONCE, Named};
use super::shared::{self, Cycles, Step};
use crate::console::told;
use crate::ui::form::{self, Choice, Field, Form};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Me, Ui, instant};
use crate::visit::{Sent, Visit};

#[derive(Template)]
#[template(path = "pay/corrections.html")]
struct List {
    ui: Ui,
    table: Table,
    /// The reader drafts corrections.
    prepares: bool,
}

/// `GET /pay/corrections`: all of them, newest first.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_PAY_CORRECTIONS"));
    let (all, cycles, units) = tokio::try_join!(corrections(visit), shared::cycles(visit), names::units(visit, ""))?;
    let columns = vec![
        Column::text(&ui, "cycle", "UI_PAY_CYCLE").filtered(),
        Column::text(&ui, "unit", "UI_UNIT").filtered(),
        Column::text(&ui, "state", "UI_STATE").filtered(),
        Column::number(&ui, "number", "UI_PAY_NUMBER").hidden(),
        Column::number(&ui, "people", "NAV_PEOPLE"),
        Column::number(&ui, "more", "UI_PAY_MORE"),
        Column::number(&ui, "less", "UI_PAY_LESS"),
        Column::text(&ui, "currency", "UI_PAY_CURRENCY").filtered(),
        Column::text(&ui, "reason", "UI_REASON"),
        Column::text(&ui, "drafted", "UI_PAY_PREPARED_AT"),
    ];
    let rows = all.iter().map(|it| row(&ui, it, &cycles, &units)).collect();
    let of = ("corrections", "NAV_PAY_CORRECTIONS", "UI_PAY_NO_PAY_CORRECTIONS");
    let table = Table::new(&ui, of, &visit.asked(), columns, rows);
    Ok(List { ui, table, prepares: visit.me().may(Permission::SettlementPrepare) })
}

async fn corrections(visit: &Visit) -> Result<Vec<PayCorrection>> {
    let client = CorrectionServiceClient::new(visit.channel("compensation")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListCorrectionsRequest { page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_corrections(visit.request(ask)).await?.into_inner();
        Ok((page.corrections, page.next_page_token))
    })
    .await
}

fn tone(state: PayCorrectionState) -> &'static str {
    match state {
        PayCorrectionState::Draft => "warn",
        PayCorrectionState::Approved => "good",
        _ => "plain",
    }
}

fn row(ui: &Ui, it: &PayCorrection, cycles: &Cycles, units: &BTreeMap<String, String>) -> Row {
    let at = it.drafted_at.as_ref();
    Row {
        id: it.pay_correction_id.clone(),
        href: format!("/pay/corrections/{}", it.pay_correction_id),
        cells: vec![
            Cell::text(shared::cycle_name(ui, cycles, &it.cycle_id)),
            Cell::text(shared::unit_name(ui, units, &it.unit_id)),
            Cell::pill(ui.word(it.state().as_str_name()), tone(it.state())),
            Cell::number(ui.format.count(it.number), it.number),
            Cell::number(ui.format.count(it.people), it.people),
            shared::cell(ui, it.more.as_ref()),
            shared::cell(ui, it.less.as_ref()),
            Cell::text(shared::currency(it.more.as_ref())),
            Cell::text(&it.reason),
            Cell::when(ui.moment(at), at.and_then(instant).map_or(0, |at| at.as_second())),
        ],
    }
}

#[derive(Template)]
#[template(path = "pay/correction-new.html")]
struct New {
    ui: Ui,
    form: Form,
    nothing: String,
    /// What would come of it, once that was asked.
    preview: Option<Preview>,
}

/// What a correction would change; nothing is written.
struct Preview {
    said: String,
    table: Table,
    /// Drafts it with the same words.
    form: Form,
}

/// `GET /pay/corrections/new?settlement=`: asks which settlement is put right, and why.
pub async fn ask(visit: Visit) -> Response<Body> {
    visit.page(asked(&visit, None, None).await)
}

/// `POST /pay/corrections/new`: shows what would come of it, and drafts it once that was seen.
pub async fn draft(visit: Visit, sent: Sent) -> Response<Body> {
    let seen = sent.get("act") == "draft";
    match drafted(&visit, &sent, !seen).await {
        Ok(reply) if seen => {
            let id = reply.correction.unwrap_or_default().pay_correction_id;
            visit.done(&format!("/pay/corrections/{id}"), "PAY_CORRECTION_DRAFTED")
        }
        Ok(reply) => visit.page(asked(&visit, Some((&sent, None)), Some(reply)).await),
        Err(error) => visit.wrong(asked(&visit, Some((&sent, Some(&error))), None).await, &error),
    }
}

async fn drafted(visit: &Visit, sent: &Sent, validate_only: bool) -> Result<DraftCorrectionResponse> {
    let missing = ["settlement_id", "reason"].into_iter().filter(|name| sent.get(name).is_empty());
    let missing: Vec<_> = missing.collect();
    if !missing.is_empty() {
        let error = Error::of(Kind::InvalidArgument, msg!("INVALID_REQUEST", count = missing.len()));
        return Err(missing.into_iter().fold(error, |error, name| error.at(name.to_owned(), msg!("TEXT_EMPTY"))));
    }
    let ask = DraftCorrectionRequest {
        request_id: sent.request_id(),
        settlement_id: sent.get("settlement_id").to_owned(),
        reason: sent.get("reason").to_owned(),
        validate_only,
    };
    let client = CorrectionServiceClient::new(visit.channel("compensation")?)
        .max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    told(client.clone().draft_correction(visit.request(ask))).await
}

async fn asked(
    visit: &Visit,
    sent: Option<(&Sent, Option<&Error>)>,
    reply: Option<DraftCorrectionResponse>,
) -> Result<New> {
    shared::must(visit, Permission::SettlementPrepare)?;
    let ui = visit.ui(&msg!("UI_PAY_NEW_PAY_CORRECTION"));
    let (settlements, cycles, units) =
        tokio::try_join!(shared::settlements(visit), shared::cycles(visit), names::units(visit, ""))?;
    let posted = settlements.iter().filter(|it| it.state() == SettlementState::Posted);
    let choice = |it: &Settlement| {
        let (name, paid) = (shared::settlement_name(&ui, it, &cycles, &units), shared::amount(&ui, it.paid.as_ref()));
        Choice::new(&it.settlement_id, format!("{name} · {paid}"))
    };
    let choices: Vec<_> = posted.map(choice).collect();
    let nothing = if choices.is_empty() { ui.t("UI_PAY_NO_POSTED_SETTLEMENT") } else { String::new() };
    let settlement = Field::new(&ui, "settlement_id", "UI_PAY_SETTLEMENT", form::Kind::Choice(choices)).required();
    let reason = Field::new(&ui, "reason", "UI_REASON", form::Kind::Long).required();
    let mut form = Form::new(&ui, "/pay/corrections/new", "preview", "UI_PAY_SHOW_DIFFERENCE")
        .with(settlement.value(visit.asked().get("settlement")))
        .with(reason.hint(ui.t("UI_PAY_CORRECTION_REASON_HINT")));
    form = match sent {
        Some((sent, Some(error))) => form.refused(&ui, sent.fields(), error),
        Some((sent, None)) => form.filled(sent.fields()),
        None => form,
    };
    let preview = match sent.zip(reply) {
        Some(((sent, _), reply)) => Some(preview(&ui, visit, sent, &reply).await?),
        None => None,
    };
    let ui = ui.below("/pay/corrections", visit.ui(&msg!("NAV_PAY_CORRECTIONS")).title);
    Ok(New { ui, form, nothing, preview })
}

async fn preview(ui: &Ui, visit: &Visit, sent: &Sent, reply: &DraftCorrectionResponse) -> Result<Preview> {
    let people = people_of(visit, &reply.deltas).await?;
    let form = Form::new(ui, "/pay/corrections/new", "draft", "UI_PAY_DRAFT_PAY_CORRECTION")
        .with(Field::hidden("act", "draft"))
        .with(Field::hidden("settlement_id", sent.get("settlement_id")))
        .with(Field::hidden("reason", sent.get("reason")));
    let it = reply.correction.clone().unwrap_or_default();
    let (more, less) = (shared::amount(ui, it.more.as_ref()), shared::amount(ui, it.less.as_ref()));
    let said = ui.say(&msg!("UI_PAY_WOULD_CHANGE", people = it.people, more, less));
    Ok(Preview { said, table: deltas(ui, visit, &reply.deltas, &people), form })
}

async fn people_of(visit: &Visit, deltas: &[PayDelta]) -> Result<BTreeMap<String, Named>> {
    let ids: BTreeSet<_> = deltas.iter().map(|it| it.person_id.clone()).collect();
    names::people(visit, &ids).await
}

fn deltas(ui: &Ui, visit: &Visit, deltas: &[PayDelta], people: &BTreeMap<String, Named>) -> Table {
    let codes = deltas.iter().map(|it| shared::currency(it.new.as_ref()));
    let code = codes.into_iter().find(|code| !code.is_empty()).unwrap_or_default();
    let money = |key, label: &str| {
        let column = Column::number(ui, key, label);
        if code.is_empty() { column } else { Column { label: format!("{} ({code})", column.label), ..column } }
    };
    let columns = vec![
        Column::text(ui, "name", "UI_NAME"),
        Column::text(ui, "number", "UI_EMPLOYEE_NO"),
        money("old", "UI_PAY_BEFORE"),
        money("new", "UI_PAY_NOW"),
        money("difference", "UI_PAY_DIFFERENCE"),
        money("left", "UI_PAY_LEFT_TO_PAY"),
        Column::text(ui, "why", "UI_PAY_WHY"),
    ];
    let row = |it: &PayDelta| {
        let named = people.get(&it.person_id);
        let difference = shared::difference(it.old.as_ref(), it.new.as_ref());
        Row {
            id: it.person_id.clone(),
            href: format!("/pay/statements/{}/{}", it.settlement_id, it.person_id),
            cells: vec![
                Cell::text(shared::person_name(ui, named)),
                Cell::code(named.map(|it| it.number.clone()).unwrap_or_default()),
                shared::cell(ui, it.old.as_ref()),
                shared::cell(ui, it.new.as_ref()),
                shared::cell(ui, difference.as_ref()),
                shared::cell(ui, it.left.as_ref()),
                Cell::text(&it.why),
            ],
        }
    };
    let of = ("deltas", "UI_PAY_DELTAS", "UI_PAY_NO_DELTAS");
    Table::new(ui, of, &visit.asked(), columns, deltas.iter().map(row).collect())
}

#[derive(Template)]
#[template(path = "pay/correction.html")]
struct One {
    ui: Ui,
    it: PayCorrection,
    cycle: String,
    state: (String, &'static str),
    steps: Vec<Step>,
    forms: Vec<(String, Form)>,
    notes: Vec<String>,
    refused: String,
    hidden: bool,
    table: Table,
}

impl One {
    fn money(&self, money: &Option<tally_api::common::v1::Money>) -> String {
        shared::amount(&self.ui, money.as_ref())
    }
}

/// `GET /pay/corrections/{correction}`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.list(shown(&visit, &id, None).await, |page| &page.table)
}

/// `POST /pay/corrections/{correction}`: approves or withdraws it, whichever `act` says.
pub async fn act(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let path = format!("/pay/corrections/{id}");
    match acted(&visit, &id, &sent).await {
        Ok(done) => visit.done(&path, done),
        Err(error) => visit.wrong(shown(&visit, &id, Some(&error)).await, &error),
    }
}

async fn acted(visit: &Visit, id: &str, sent: &Sent) -> Result<&'static str> {
    let client = CorrectionServiceClient::new(visit.channel("compensation")?);
    if get(visit, id).await?.state() != PayCorrectionState::Draft {
        return Ok("NOTHING_MOVED_ON");
    }
    let (request_id, pay_correction_id) = (sent.request_id(), id.to_owned());
    match sent.get("act") {
        "approve" => {
            let ask = ApproveCorrectionRequest { request_id, pay_correction_id };
            told(client.clone().approve_correction(visit.request(ask))).await?;
            Ok("PAY_CORRECTION_APPROVED")
        }
        "withdraw" if sent.get("sure") == "yes" => {
            let ask = WithdrawCorrectionRequest { request_id, pay_correction_id };
            told(client.clone().withdraw_correction(visit.request(ask))).await?;
            Ok("PAY_CORRECTION_WITHDRAWN")
        }
        "withdraw" => Err(Error::of(Kind::InvalidArgument, msg!("UI_PAY_SAY_SURE"))),
        _ => Err(Error::of(Kind::InvalidArgument, msg!("UI_PAY_UNKNOWN_STEP"))),
    }
}

async fn get(visit: &Visit, id: &str) -> Result<PayCorrection> {
    let ask = GetCorrectionRequest { pay_correction_id: id.to_owned() };
    let client = CorrectionServiceClient::new(visit.channel("compensation")?);
    Ok(told(client.clone().get_correction(visit.request(ask))).await?.correction.unwrap_or_default())
}

async fn deltas_of(visit: &Visit, id: &str) -> Result<Vec<PayDelta>> {
    let client = CorrectionServiceClient::new(visit.channel("compensation")?)
        .max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    tally_rpc::pages(async |page_token| {
        let pay_correction_id = id.to_owned();
        let ask = ListDeltasRequest { pay_correction_id, page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_deltas(visit.request(ask)).await?.into_inner();
        Ok((page.deltas, page.next_page_token))
    })
    .await
}

async fn shown(visit: &Visit, id: &str, refused: Option<&Error>) -> Result<One> {
    let ui = visit.ui(&msg!("UI_PAY_CORRECTION"));
    let (it, all, cycles, units, logins) = tokio::try_join!(
        get(visit, id),
        deltas_of(visit, id),
        shared::cycles(visit),
        names::units(visit, ""),
        names::logins(visit)
    )?;
    let people = people_of(visit, &all).await?;
    let cycle = shared::cycle_name(&ui, &cycles, &it.cycle_id);
    let title = format!("{cycle} · {} · {}", shared::unit_name(&ui, &units, &it.unit_id), ui.title);
    let ui = ui.titled(title).below("/pay/corrections", visit.ui(&msg!("NAV_PAY_CORRECTIONS")).title);
    let me = visit.me();
    Ok(One {
        cycle,
        state: (ui.word(it.state().as_str_name()), tone(it.state())),
        steps: steps(&ui, &it, &logins),
        forms: forms(&ui, &me, &it),
        notes: note(&ui, &me, &it).into_iter().collect(),
        refused: refused.map(|error| tally_i18n::sentence(ui.locale(), error)).unwrap_or_default(),
        hidden: it.more.is_none() || all.iter().any(|it| it.new.is_none()),
        table: deltas(&ui, visit, &all, &people),
        it,
        ui,
    })
}

fn steps(ui: &Ui, it: &PayCorrection, logins: &BTreeMap<String, String>) -> Vec<Step> {
    let step = |tone, said: &str, by: &str, at: Option<&prost_types::Timestamp>| Step {
        tone,
        when: at.map(|at| ui.moment(Some(at))).unwrap_or_default(),
        said: ui.t(said),
        by: shared::hands(ui, logins, by),
    };
    let decided = it.decided_at.as_ref();
    let mut steps = vec![step("good", "UI_PAY_STEP_DRAFTED", &it.drafted_by, it.drafted_at.as_ref())];
    match it.state() {
        PayCorrectionState::Approved => steps.push(step("good", "UI_PAY_STEP_APPROVED", &it.approved_by, decided)),
        PayCorrectionState::Withdrawn => steps.push(step("bad", "UI_PAY_STEP_WITHDRAWN", &it.withdrawn_by, decided)),
        _ => {
            let (when, by) = Default::default();
            steps.push(Step { tone: "", when, said: ui.t("UI_PAY_STEP_WAITS_APPROVAL"), by });
        }
    }
    steps
}

/// Whether the reader drafted it, so that somebody else approves.
fn is_own(me: &Me, it: &PayCorrection) -> bool {
    !it.drafted_by.is_empty() && it.drafted_by == me.principal_id
}

fn forms(ui: &Ui, me: &Me, it: &PayCorrection) -> Vec<(String, Form)> {
    if it.state() != PayCorrectionState::Draft {
        return Vec::new();
    }
    let path = format!("/pay/corrections/{}", it.pay_correction_id);
    let ask = |name: &'static str, submit: &str| Form::new(ui, &path, name, submit).with(Field::hidden("act", name));
    let mut forms = Vec::new();
    if me.may(Permission::SettlementApprove) && !is_own(me, it) {
        forms.push((ui.t("UI_PAY_APPROVE_PAY_CORRECTION_SAID"), ask("approve", "UI_PAY_APPROVE")));
    }
    if me.may(Permission::SettlementPrepare) {
        let sure = Field::new(ui, "sure", "UI_SURE", form::Kind::Check).required();
        forms.push((ui.t("UI_PAY_WITHDRAW_SAID"), ask("withdraw", "UI_PAY_WITHDRAW").with(sure).danger()));
    }
    forms
}

fn note(ui: &Ui, me: &Me, it: &PayCorrection) -> Option<String> {
    let waits = it.state() == PayCorrectionState::Draft;
    let id = match (is_own(me, it), me.may(Permission::SettlementApprove)) {
        (true, _) => "UI_PAY_YOU_PREPARED",
        (false, false) => "UI_PAY_APPROVAL_ELSEWHERE",
        (false, true) => return None,
    };
    waits.then(|| ui.t(id))
}
