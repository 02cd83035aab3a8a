//! Platform accounts: where they are, who serves them, and how they are used from which day on.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::attendance::v1::account_service_client::AccountServiceClient;
use tally_api::attendance::v1::{Account, ImportAccountsRequest, Phase, PhaseKind};
use tally_kernel::{Error, Message, Result, msg};

use super::pages::{Detail, List};
use crate::act::{Act, Step, all_right, allowed, day_field, days, imported, missing, today, word_field};
use crate::console::told;
use crate::names::{self, Names};
use crate::ui::Ui;
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

/// How an account can be used.
const PHASES: [PhaseKind; 3] = [PhaseKind::Shared, PhaseKind::Mixed, PhaseKind::Named];

/// `GET /accounts`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_ACCOUNTS"));
    let accounts = names::accounts(visit).await?;
    let today = today(&ui);
    let columns = vec![
        Column::text(&ui, "name", "UI_ACCOUNT"),
        Column::text(&ui, "platform", "UI_PLATFORM").filtered(),
        Column::text(&ui, "store", "UI_STORE").filtered(),
        Column::text(&ui, "team", "UI_TEAM").filtered(),
        Column::text(&ui, "phase", "UI_PHASE").filtered(),
        Column::number(&ui, "capacity", "UI_AT_ONCE"),
        Column::text(&ui, "since", "UI_SINCE").hidden(),
        Column::text(&ui, "zone", "UI_ITS_ZONE").filtered(),
        Column::text(&ui, "region", "UI_REGION").filtered().hidden(),
    ];
    let rows = accounts.iter().map(|account| row(&ui, account, &today)).collect();
    let table = Table::new(&ui, ("accounts", "NAV_ACCOUNTS", "UI_NO_ACCOUNTS"), &visit.asked(), columns, rows);
    let me = visit.me();
    let mut list = List::new(ui, table).adding(me.may(Permission::AccountWrite), "/accounts/new", "UI_ADD_ACCOUNT");
    if me.may_others(Permission::AliasRead) {
        list.besides.push(("/aliases".to_owned(), list.ui.t("NAV_ALIASES")));
    }
    Ok(list)
}

fn row(ui: &Ui, account: &Account, today: &str) -> Row {
    let phase = phase_on(&account.phases, today).unwrap_or_default();
    Row {
        id: account.account_id.clone(),
        href: format!("/accounts/{}", account.account_id),
        cells: vec![
            Cell::text(&account.name),
            Cell::text(&account.platform),
            Cell::text(&account.store),
            Cell::text(&account.team_path),
            Cell::pill(ui.word(phase.kind().as_str_name()), tone(phase.kind())),
            Cell::number(ui.format.count(phase.capacity), phase.capacity),
            Cell::when(ui.format.day_text(&phase.from), crate::act::sortable(&phase.from)),
            Cell::text(&account.zone),
            Cell::text(&account.region),
        ],
    }
}

fn tone(kind: PhaseKind) -> &'static str {
    match kind {
        PhaseKind::Named => "good",
        PhaseKind::Mixed => "warn",
        _ => "plain",
    }
}

/// The phase that holds on a day: the last that began by then.
fn phase_on(phases: &[Phase], day: &str) -> Option<Phase> {
    phases.iter().filter(|phase| phase.from.as_str() <= day).max_by(|a, b| a.from.cmp(&b.from)).cloned()
}

/// `GET /accounts/{id}`.
pub async fn account(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(shown(&visit, &id).await)
}

async fn one(visit: &Visit, id: &str) -> Result<Account> {
    let found = names::accounts(visit).await?.into_iter().find(|it| it.account_id == id);
    found.ok_or_else(|| Error::not_found("account", id))
}

async fn shown(visit: &Visit, id: &str) -> Result<Detail> {
    let account = one(visit, id).await?;
    let ui = visit.ui(&msg!("NAV_ACCOUNTS"));
    let all = ui.title.clone();
    let ui = ui.below("/accounts", all).titled(&account.name);
    let today = today(&ui);
    let now = phase_on(&account.phases, &today).unwrap_or_default();
    let facts = vec![
        (ui.t("UI_PLATFORM"), account.platform.clone()),
        (ui.t("UI_STORE"), account.store.clone()),
        (ui.t("UI_TEAM"), or(&account.team_path, || ui.t("UI_WHOLE_GROUP"))),
        (ui.t("UI_PHASE"), ui.word(now.kind().as_str_name())),
        (ui.t("UI_ITS_ZONE"), account.zone.clone()),
        (ui.t("UI_REGION"), or(&account.region, || ui.t("UI_WHOLE_GROUP"))),
        (ui.t("UI_EXCLUSIVE"), ui.t(if account.exclusive { "UI_YES" } else { "UI_NO" })),
    ];
    let phases = (ui.t("UI_PHASES"), steps(&ui, &account.phases, &today));
    let mut acts = Vec::new();
    if visit.me().may(Permission::AccountWrite) {
        acts.push((format!("/accounts/{id}/phase"), ui.t("UI_ADD_PHASE")));
    }
    let mut page = Detail { acts, timelines: vec![phases], ..Detail::new(ui, facts) };
    if visit.me().may_others(Permission::OccupancyRead) {
        page.lists.push((page.ui.t("UI_HISTORY"), vec![(account.key.clone(), format!("/team/accounts/{id}"))]));
    }
    if !account.unit_id.is_empty() {
        let team = (account.team_path.clone(), format!("/org/{}", account.unit_id));
        page.lists.push((page.ui.t("UI_TEAM"), vec![team]));
    }
    Ok(page)
}

fn or(text: &str, none: impl FnOnce() -> String) -> String {
    if text.is_empty() { none() } else { text.to_owned() }
}

/// The phases, newest first, each until the day before the next.
fn steps(ui: &Ui, phases: &[Phase], today: &str) -> Vec<Step> {
    let now = phase_on(phases, today);
    let ends = phases.iter().skip(1).map(|next| day_before(&next.from)).chain([String::new()]);
    let mut steps: Vec<_> = phases
        .iter()
        .zip(ends)
        .map(|(phase, end)| {
            let count = phase.capacity;
            Step {
                tone: if now.as_ref() == Some(phase) { "good" } else { "" },
                days: days(ui, &phase.from, &end),
                title: ui.word(phase.kind().as_str_name()),
                said: ui.say(&msg!("UI_DIALOGUES_AT_ONCE", count)),
                ..Default::default()
            }
        })
        .collect();
    steps.reverse();
    steps
}

fn day_before(day: &str) -> String {
    day.parse::<jiff::civil::Date>()
        .ok()
        .and_then(|day| day.yesterday().ok())
        .map_or_else(String::new, |day| day.to_string())
}

/// `GET /accounts/new`.
pub async fn new_form(visit: Visit) -> Response<Body> {
    visit.page(new_page(&visit).await)
}

/// `POST /accounts/new`.
pub async fn add(visit: Visit, sent: Sent) -> Response<Body> {
    match new_page(&visit).await {
        Err(error) => visit.refused(&error),
        Ok(page) => {
            let done = added(&visit, &sent).await;
            page.answered(&visit, &sent, done, ("/accounts", "ACCOUNT_ADDED"))
        }
    }
}

fn phase_fields(ui: &Ui, form: Form) -> Form {
    form.with(
        word_field(ui, "kind", "UI_PHASE", &PHASES.map(|kind| kind.as_str_name()))
            .required()
            .hint(ui.t("UI_PHASE_HINT")),
    )
    .with(Field::new(ui, "capacity", "UI_AT_ONCE", Kind::Number).required().value("5").hint(ui.t("UI_AT_ONCE_HINT")))
}

async fn new_page(visit: &Visit) -> Result<Act> {
    allowed(visit, Permission::AccountWrite)?;
    let units = names::units(visit, "", None).await?;
    let ui = visit.ui(&msg!("UI_ADD_ACCOUNT"));
    let ui = {
        let all = ui.t("NAV_ACCOUNTS");
        ui.below("/accounts", all)
    };
    let teams = units.iter().filter(|it| !it.path.is_empty()).map(|it| Choice::new(&it.path, &it.path)).collect();
    let zone = ui.format.zone().iana_name().unwrap_or("UTC").to_owned();
    let form = Form::new(&ui, "/accounts/new", "new-account", "UI_ADD_ACCOUNT")
        .with(Field::text(&ui, "platform", "UI_PLATFORM").required())
        .with(Field::text(&ui, "store", "UI_STORE").required())
        .with(Field::text(&ui, "name", "UI_ACCOUNT").required().hint(ui.t("UI_ACCOUNT_HINT")))
        .with(Field::new(&ui, "team_path", "UI_TEAM", Kind::Choice(teams)).hint(ui.t("UI_TEAM_HINT")))
        .with(Field::text(&ui, "zone", "UI_ZONE").required().value(zone))
        .with(Field::new(&ui, "exclusive", "UI_EXCLUSIVE_FIELD", Kind::Check));
    let form = phase_fields(&ui, form)
        .with(Field::new(&ui, "from", "UI_FIRST_DAY", Kind::Date).hint(ui.t("UI_FROM_BEGINNING_HINT")));
    Ok(Act::new(ui, form, "/accounts"))
}

/// The phase that a form says.
fn phase(sent: &Sent) -> Result<Phase, (&'static str, Message)> {
    let capacity = sent.get("capacity").parse().map_err(|_| ("capacity", msg!("UI_WHOLE_NUMBER")))?;
    let kind = PhaseKind::from_str_name(sent.get("kind")).unwrap_or_default().into();
    Ok(Phase { from: sent.get("from").to_owned(), kind, capacity })
}

async fn added(visit: &Visit, sent: &Sent) -> Result<()> {
    let mut wrong = missing(sent, &["platform", "store", "name", "zone", "kind"]);
    let phase = phase(sent).map_err(|why| wrong.push(why)).unwrap_or_default();
    all_right(wrong)?;
    let text = |name: &str| sent.get(name).to_owned();
    let account = Account {
        platform: text("platform"),
        store: text("store"),
        name: text("name"),
        zone: text("zone"),
        team_path: text("team_path"),
        exclusive: !sent.get("exclusive").is_empty(),
        phases: vec![phase],
        ..Default::default()
    };
    send(visit, sent, account).await
}

async fn send(visit: &Visit, sent: &Sent, account: Account) -> Result<()> {
    let ask = ImportAccountsRequest { request_id: sent.request_id(), rows: vec![account] };
    let mut client = AccountServiceClient::new(visit.channel("attendance")?);
    imported(told(client.import_accounts(visit.request(ask))).await?.result, field_of)
}

fn field_of(_: &str, sentence: &str) -> &'static str {
    const NAMED: [&str; 5] = ["platform", "store", "zone", "team_path", "capacity"];
    NAMED.into_iter().find(|field| sentence.starts_with(field)).unwrap_or_default()
}

/// `GET /accounts/{id}/phase`.
pub async fn phase_form(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(phase_page(&visit, &id).await.map(|(page, _)| page))
}

/// `POST /accounts/{id}/phase`.
pub async fn add_phase(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    match phase_page(&visit, &id).await {
        Err(error) => visit.refused(&error),
        Ok((page, account)) => {
            let done = with_phase(&visit, &sent, account).await;
            page.answered(&visit, &sent, done, (&format!("/accounts/{id}"), "PHASE_ADDED"))
        }
    }
}

async fn phase_page(visit: &Visit, id: &str) -> Result<(Act, Account)> {
    allowed(visit, Permission::AccountWrite)?;
    let account = one(visit, id).await?;
    let ui = visit.ui(&msg!("UI_ADD_PHASE"));
    let back = format!("/accounts/{id}");
    let ui = {
        let all = ui.t("NAV_ACCOUNTS");
        ui.below("/accounts", all).below(&back, &account.name)
    };
    let form =
        Form::new(&ui, format!("{back}/phase"), "phase", "UI_ADD_PHASE").with(day_field(&ui, "from", "UI_FIRST_DAY"));
    let said = ui.t("UI_ADD_PHASE_SAID");
    let form = phase_fields(&ui, form);
    Ok((Act::new(ui, form, back).note("plain", said), account))
}

async fn with_phase(visit: &Visit, sent: &Sent, mut account: Account) -> Result<()> {
    let mut wrong = missing(sent, &["from", "kind"]);
    let new = phase(sent).map_err(|why| wrong.push(why)).unwrap_or_default();
    all_right(wrong)?;
    account.account_id.clear();
    account.phases.push(new);
    send(visit, sent, account).await
}

/// Names of all accounts; none where the reader may see none.
pub async fn names(visit: &Visit) -> Result<Names> {
    if !visit.me().may(Permission::AccountRead) {
        return Ok(Names::default());
    }
    names::accounts(visit).await.map(|all| Names::of_accounts(&all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(from: &str, kind: PhaseKind) -> Phase {
        Phase { from: from.into(), kind: kind.into(), capacity: 1 }
    }

    #[test]
    fn the_phase_of_a_day_is_the_last_that_began() {
        let phases = [phase("", PhaseKind::Shared), phase("2026-03-01", PhaseKind::Named)];
        assert_eq!(phase_on(&phases, "2026-02-28").map(|it| it.kind()), Some(PhaseKind::Shared));
        assert_eq!(phase_on(&phases, "2026-03-01").map(|it| it.kind()), Some(PhaseKind::Named));
        assert_eq!(phase_on(&[], "2026-03-01"), None);
        assert_eq!(day_before("2026-03-01"), "2026-02-28");
    }
}
