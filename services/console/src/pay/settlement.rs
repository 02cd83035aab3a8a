//! One settlement: where it stands and who did what, what each person gets, that it sums to the pool, and the step that comes next.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::common::v1::{AuditEntry, Money, SearchAuditRequest};
use tally_api::compensation::v1::audit_service_client::AuditServiceClient;
use tally_api::compensation::v1::pool_service_client::PoolServiceClient;
use tally_api::compensation::v1::settlement_service_client::SettlementServiceClient;
use tally_api::compensation::v1::{
    ApproveSettlementRequest, DiscardSettlementRequest, GetPoolRequest, GetSettlementRequest, Pool,
    PostSettlementRequest, Settlement, SettlementState, Statement,
};
use tally_kernel::{Error, Kind, Result, msg};

use super::shared::{self, Step};
use super::{names, statements};
use crate::console::told;
use crate::ui::form::{self, Field, Form};
use crate::ui::table::Table;
use crate::ui::{Me, Ui};
use crate::visit::{Sent, Visit};

/// Of a settlement's own log no more is asked for: it has a handful of steps, and everybody who looked at it.
const ENTRIES: u32 = 200;

#[derive(Template)]
#[template(path = "pay/settlement.html")]
struct One {
    ui: Ui,
    it: Settlement,
    cycle: String,
    unit: String,
    /// Name of its pool, where the reader may read pools.
    pool: String,
    state: (String, &'static str),
    steps: Vec<Step>,
    /// What the reader may do now.
    forms: Vec<(String, Form)>,
    /// Why the reader may not do what comes next.
    notes: Vec<String>,
    /// What was refused just now.
    refused: String,
    balance: Option<Balance>,
    hidden: bool,
    table: Table,
    audits: bool,
    prepares: bool,
}

impl One {
    fn money(&self, money: &Option<Money>) -> String {
        shared::amount(&self.ui, money.as_ref())
    }

    fn adjustments(&self) -> String {
        shared::amount(&self.ui, shared::adjustments(&self.it).as_ref())
    }

    fn minor(&self, minor: &i64) -> String {
        self.ui.format.money(*minor, &shared::currency(self.it.pool.as_ref()))
    }

    fn is_posted(&self) -> bool {
        self.it.state() == SettlementState::Posted
    }
}

/// That what people and the fund get is the pool, to the minor unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Balance {
    /// The lines of all statements together.
    lines: i64,
    fund: i64,
    pool: i64,
}

impl Balance {
    /// Nothing where an amount is hidden from the reader, or not all statements are theirs to see.
    fn of(it: &Settlement, statements: &[Statement]) -> Option<Self> {
        let amounts = statements.iter().flat_map(|statement| &statement.lines);
        let lines = amounts.map(|line| line.amount.as_ref().map(|it| it.minor)).sum::<Option<i64>>()?;
        let all = u32::try_from(statements.len()) == Ok(it.people);
        let (fund, pool) = it.team_fund.as_ref().zip(it.pool.as_ref())?;
        all.then_some(Self { lines, fund: fund.minor, pool: pool.minor })
    }

    fn holds(&self) -> bool {
        self.lines.checked_add(self.fund) == Some(self.pool)
    }
}

/// What comes next for a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Approve,
    Post,
    Discard,
}

impl Act {
    fn read(text: &str) -> Option<Self> {
        match text {
            "approve" => Some(Self::Approve),
            "post" => Some(Self::Post),
            "discard" => Some(Self::Discard),
            _ => None,
        }
    }

    /// Whether a settlement that stands so can take it.
    fn fits(self, state: SettlementState) -> bool {
        match self {
            Self::Approve => state == SettlementState::Draft,
            Self::Post => state == SettlementState::Approved,
            Self::Discard => matches!(state, SettlementState::Draft | SettlementState::Approved),
        }
    }

    fn permission(self) -> Permission {
        match self {
            Self::Approve => Permission::SettlementApprove,
            Self::Post => Permission::SettlementPost,
            Self::Discard => Permission::SettlementPrepare,
        }
    }
}

/// Whether the reader had a hand in an earlier step, so that this one is for somebody else.
fn had_a_hand(me: &Me, act: Act, it: &Settlement) -> bool {
    let mine = |by: &str| !by.is_empty() && by == me.principal_id;
    match act {
        Act::Approve => mine(&it.prepared_by),
        Act::Post => mine(&it.prepared_by) || mine(&it.approved_by),
        Act::Discard => false,
    }
}

/// `GET /pay/settlements/{settlement}`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.list(Box::pin(shown(&visit, &id, None)).await, |page| &page.table)
}

/// `POST /pay/settlements/{settlement}`: approves, posts or discards it, whichever `act` says.
pub async fn act(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let path = format!("/pay/settlements/{id}");
    match acted(&visit, &id, &sent).await {
        Ok(done) => visit.done(&path, done),
        Err(error) => visit.wrong(Box::pin(shown(&visit, &id, Some((&sent, &error)))).await, &error),
    }
}

/// A page that is out of date, or came back by the back button, does nothing and says so.
async fn acted(visit: &Visit, id: &str, sent: &Sent) -> Result<&'static str> {
    let act =
        Act::read(sent.get("act")).ok_or_else(|| Error::of(Kind::InvalidArgument, msg!("UI_PAY_UNKNOWN_STEP")))?;
    if act != Act::Approve && sent.get(sure(act)) != "yes" {
        let error = Error::of(Kind::InvalidArgument, msg!("INVALID_REQUEST", count = 1));
        return Err(error.at(sure(act).to_owned(), msg!("UI_PAY_SAY_SURE")));
    }
    if !act.fits(get(visit, id).await?.state()) {
        return Ok("NOTHING_MOVED_ON");
    }
    let client = SettlementServiceClient::new(visit.channel("compensation")?);
    let (request_id, settlement_id) = (sent.request_id(), id.to_owned());
    match act {
        Act::Approve => {
            let ask = ApproveSettlementRequest { request_id, settlement_id };
            told(client.clone().approve_settlement(visit.request(ask))).await?;
            Ok("PAY_APPROVED")
        }
        Act::Post => {
            let ask = PostSettlementRequest { request_id, settlement_id };
            told(client.clone().post_settlement(visit.request(ask))).await?;
            Ok("PAY_POSTED")
        }
        Act::Discard => {
            let ask = DiscardSettlementRequest { request_id, settlement_id };
            told(client.clone().discard_settlement(visit.request(ask))).await?;
            Ok("PAY_DISCARDED")
        }
    }
}

fn sure(act: Act) -> &'static str {
    if act == Act::Post { "sure_post" } else { "sure_discard" }
}

async fn get(visit: &Visit, id: &str) -> Result<Settlement> {
    let ask = GetSettlementRequest { settlement_id: id.to_owned() };
    let client = SettlementServiceClient::new(visit.channel("compensation")?);
    Ok(told(client.clone().get_settlement(visit.request(ask))).await?.settlement.unwrap_or_default())
}

async fn pool_of(visit: &Visit, pool_id: &str) -> Result<Pool> {
    if !visit.me().may(Permission::PoolRead) {
        return Ok(Pool::default());
    }
    let ask = GetPoolRequest { pool_id: pool_id.to_owned() };
    let client = PoolServiceClient::new(visit.channel("compensation")?);
    Ok(told(client.clone().get_pool(visit.request(ask))).await?.pool.unwrap_or_default())
}

/// What the log says of it, for who may read that: the contract has no times of later steps.
async fn log_of(visit: &Visit, id: &str) -> Result<Vec<AuditEntry>> {
    if !visit.me().may(Permission::AuditRead) {
        return Ok(Vec::new());
    }
    let ask = SearchAuditRequest {
        subject: "settlement".to_owned(),
        subject_id: id.to_owned(),
        page_size: ENTRIES,
        ..Default::default()
    };
    let client = AuditServiceClient::new(visit.channel("compensation")?);
    Ok(told(client.clone().search_audit(visit.request(ask))).await?.entries)
}

async fn shown(visit: &Visit, id: &str, refused: Option<(&Sent, &Error)>) -> Result<One> {
    let ui = visit.ui(&msg!("UI_PAY_SETTLEMENT"));
    let (it, statements, cycles, units, logins, log) = tokio::try_join!(
        get(visit, id),
        statements::of(visit, id),
        shared::cycles(visit),
        names::units(visit, ""),
        names::logins(visit),
        log_of(visit, id)
    )?;
    let (people, pool) = tokio::try_join!(statements::people_of(visit, &statements), pool_of(visit, &it.pool_id))?;
    let me = visit.me();
    let name = shared::settlement_name(&ui, &it, &cycles, &units);
    let ui = ui.titled(name).below("/pay/settlements", visit.ui(&msg!("NAV_SETTLEMENTS")).title);
    // What is wrong with a field stands in its form.
    let above = refused.filter(|(_, error)| error.violations().is_empty());
    let refusal = above.map(|(_, error)| tally_i18n::sentence(ui.locale(), error)).unwrap_or_default();
    Ok(One {
        cycle: shared::cycle_name(&ui, &cycles, &it.cycle_id),
        unit: shared::unit_name(&ui, &units, &it.unit_id),
        pool: pool.name,
        state: (ui.word(it.state().as_str_name()), shared::tone(it.state())),
        steps: steps(&ui, &it, &log, &logins),
        forms: forms(&ui, &me, &it, refused),
        notes: notes(&ui, &me, &it),
        refused: refusal,
        balance: Balance::of(&it, &statements),
        hidden: statements.iter().any(|it| it.amount.is_none()),
        table: statements::table(&ui, visit, ("lines", "UI_PAY_SETTLEMENT_LINES"), &statements, &people),
        audits: me.may(Permission::AuditRead),
        prepares: me.may(Permission::SettlementPrepare),
        it,
        ui,
    })
}

/// The steps so far, and who took each; times of later steps stand in the log, for who may read it.
fn steps(ui: &Ui, it: &Settlement, log: &[AuditEntry], logins: &BTreeMap<String, String>) -> Vec<Step> {
    let logged = |action: &str| log.iter().find(|entry| entry.action == action);
    let when = |action: &str| logged(action).map(|entry| ui.moment(entry.at.as_ref())).unwrap_or_default();
    let step = |tone, said: &str, by: &str, when: String| Step {
        tone,
        when,
        said: ui.t(said),
        by: shared::hands(ui, logins, by),
    };
    // Before the settlement itself kept them, the log alone did.
    let kept =
        |at: Option<&prost_types::Timestamp>, action: &str| at.map_or_else(|| when(action), |at| ui.moment(Some(at)));
    let approved = kept(it.approved_at.as_ref(), "compensation.settlement.approve");
    let posted = kept(it.posted_at.as_ref(), "compensation.settlement.post");
    let mut steps = vec![step("good", "UI_PAY_STEP_PREPARED", &it.prepared_by, ui.moment(it.prepared_at.as_ref()))];
    if !it.approved_by.is_empty() {
        steps.push(step("good", "UI_PAY_STEP_APPROVED", &it.approved_by, approved));
    }
    if !it.posted_by.is_empty() {
        steps.push(step("good", "UI_PAY_STEP_POSTED", &it.posted_by, posted));
    }
    let waits = |said: &str| Step { tone: "", when: String::new(), said: ui.t(said), by: String::new() };
    match it.state() {
        SettlementState::Draft => steps.push(waits("UI_PAY_STEP_WAITS_APPROVAL")),
        SettlementState::Approved => steps.push(waits("UI_PAY_STEP_WAITS_POSTING")),
        SettlementState::Discarded => {
            let action = "compensation.settlement.discard";
            let by = logged(action).map(|entry| entry.principal_id.as_str());
            steps.push(by.map_or_else(
                || Step { tone: "bad", ..waits("UI_PAY_STEP_DISCARDED") },
                |by| step("bad", "UI_PAY_STEP_DISCARDED", by, when(action)),
            ));
        }
        _ => {}
    }
    steps
}

fn forms(ui: &Ui, me: &Me, it: &Settlement, refused: Option<(&Sent, &Error)>) -> Vec<(String, Form)> {
    let may = |act: Act| act.fits(it.state()) && me.may(act.permission()) && !had_a_hand(me, act, it);
    let path = format!("/pay/settlements/{}", it.settlement_id);
    let filled = |act: &str, form: Form| match refused {
        Some((sent, error)) if sent.get("act") == act && !error.violations().is_empty() => {
            form.refused(ui, sent.fields(), error)
        }
        _ => form,
    };
    let ask = |name: &'static str, submit: &str| Form::new(ui, &path, name, submit).with(Field::hidden("act", name));
    let sure = |act: Act| Field::new(ui, sure(act), "UI_SURE", form::Kind::Check).required();
    let mut forms = Vec::new();
    if may(Act::Approve) {
        forms.push((ui.t("UI_PAY_APPROVE_SAID"), ask("approve", "UI_PAY_APPROVE")));
    }
    if may(Act::Post) {
        let form = ask("post", "UI_PAY_POST").with(sure(Act::Post));
        forms.push((ui.t("UI_PAY_POST_SAID"), filled("post", form)));
    }
    if may(Act::Discard) {
        let form = ask("discard", "UI_PAY_DISCARD").with(sure(Act::Discard)).danger();
        forms.push((ui.t("UI_PAY_DISCARD_SAID"), filled("discard", form)));
    }
    forms
}

/// Why the next step is not the reader's: the four eyes, or a permission.
fn notes(ui: &Ui, me: &Me, it: &Settlement) -> Vec<String> {
    let act = match it.state() {
        SettlementState::Draft => Act::Approve,
        SettlementState::Approved => Act::Post,
        _ => return Vec::new(),
    };
    let id = match (act, had_a_hand(me, act, it), me.may(act.permission())) {
        (_, false, true) => return Vec::new(),
        (Act::Approve, true, _) => "UI_PAY_YOU_PREPARED",
        (Act::Post, true, _) => "UI_PAY_YOU_HAD_A_HAND",
        (Act::Approve, false, false) => "UI_PAY_APPROVAL_ELSEWHERE",
        (_, false, false) => "UI_PAY_POSTING_ELSEWHERE",
        (Act::Discard, true, _) => return Vec::new(),
    };
    vec![ui.t(id)]
}

#[cfg(test)]
mod tests {
    use tally_api::compensation::v1::StatementLine;

    use super::*;

    fn money(minor: i64) -> Option<Money> {
        Some(Money { currency: "CNY".to_owned(), minor })
    }

    fn settlement(state: SettlementState) -> Settlement {
        Settlement {
            state: state.into(),
            people: 2,
            pool: money(1_000),
            team_fund: money(100),
            prepared_by: "a".to_owned(),
            approved_by: if state == SettlementState::Approved { "b".to_owned() } else { String::new() },
            ..Default::default()
        }
    }

    fn statement(amounts: &[Option<i64>]) -> Statement {
        let line = |minor: &Option<i64>| StatementLine { amount: minor.and_then(money), ..Default::default() };
        Statement { lines: amounts.iter().map(line).collect(), ..Default::default() }
    }

    #[test]
    fn lines_and_fund_are_the_pool_to_the_cent() {
        let it = settlement(SettlementState::Draft);
        let of =
            |parts: &[&[Option<i64>]]| Balance::of(&it, &parts.iter().map(|part| statement(part)).collect::<Vec<_>>());
        assert!(of(&[&[Some(400), Some(50)], &[Some(450)]]).is_some_and(|sum| sum.holds()));
        assert!(of(&[&[Some(400)], &[Some(499)]]).is_some_and(|sum| !sum.holds()));
        assert_eq!(of(&[&[Some(400)]]), None, "somebody is not the reader's to see");
        assert_eq!(of(&[&[Some(400)], &[None]]), None, "an amount is hidden");
    }

    #[test]
    fn who_had_a_hand_does_not_take_the_next_step() {
        let me = |id: &str| {
            let mut me = Me::default();
            id.clone_into(&mut me.principal_id);
            me
        };
        let (draft, approved) = (settlement(SettlementState::Draft), settlement(SettlementState::Approved));
        assert!(had_a_hand(&me("a"), Act::Approve, &draft) && !had_a_hand(&me("b"), Act::Approve, &draft));
        assert!(had_a_hand(&me("a"), Act::Post, &approved) && had_a_hand(&me("b"), Act::Post, &approved));
        assert!(!had_a_hand(&me("c"), Act::Post, &approved) && !had_a_hand(&me("a"), Act::Discard, &draft));
        assert!(!had_a_hand(&Me::default(), Act::Post, &draft), "nobody is not somebody");
    }

    #[test]
    fn a_step_fits_one_state() {
        use SettlementState::{Approved, Discarded, Draft, Posted};
        let fits = |act: Act| [Draft, Approved, Posted, Discarded].map(|state| act.fits(state));
        assert_eq!(fits(Act::Approve), [true, false, false, false]);
        assert_eq!(fits(Act::Post), [false, true, false, false]);
        assert_eq!(fits(Act::Discard), [true, true, false, false]);
        assert_eq!(Act::read("pay"), None);
    }
}
