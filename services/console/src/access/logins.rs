//! Who can sign in.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::login_service_client::LoginServiceClient;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_api::identity::v1::{
    CreateLoginRequest, CreateLoginResponse, ListLoginsRequest, Login, ResetPasswordRequest,
};
use tally_kernel::{Result, msg};

use crate::act::{Act, all_right, missing};
use crate::console::told;
use crate::join;
use crate::names::{self, Names};
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::{Sent, Visit};

/// Pages of one list, with what can be done there first.
#[derive(Template)]
#[template(path = "access/list.html")]
pub struct List {
    pub ui: Ui,
    pub table: Table,
    /// Where its first action leads and what it is called; empty where the reader may not.
    pub act: (String, String),
    /// What to know of the list; empty for nothing.
    pub said: String,
}

/// Something that is shown this once.
#[derive(Template)]
#[template(path = "access/once.html")]
pub struct Once {
    pub ui: Ui,
    /// What it is for.
    pub said: String,
    /// What is shown, each with what it is.
    pub secrets: Vec<(String, String)>,
    pub back: &'static str,
}

/// All logins that the reader may see.
///
/// # Errors
/// What identity refuses.
pub async fn all(visit: &Visit) -> Result<Vec<Login>> {
    let client = LoginServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListLoginsRequest { page_size: names::AT_ONCE, page_token };
        let page = client.clone().list_logins(visit.request(ask)).await?.into_inner();
        Ok((page.logins, page.next_page_token))
    })
    .await
}

/// What principals are called: the person, or the login.
#[derive(Clone, Debug, Default)]
pub struct Principals(BTreeMap<String, String>);

impl Principals {
    /// Of those that the reader may see.
    ///
    /// # Errors
    /// What identity refuses.
    pub async fn of(visit: &Visit) -> Result<Self> {
        let me = visit.me();
        let (logins, people) = if me.may(Permission::GrantRead) {
            futures::try_join!(all(visit), names::people(visit))?
        } else {
            (Vec::new(), Names::default())
        };
        let name = |login: Login| {
            let name = if login.person_id.is_empty() { login.login } else { people.said(&login.person_id) };
            (login.principal_id, name)
        };
        let mut named: BTreeMap<_, _> = logins.into_iter().map(name).collect();
        named.insert(me.principal_id, me.name);
        Ok(Self(named))
    }

    /// What one is called.
    pub fn said(&self, id: &str) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| Names::default().said(id))
    }
}

/// `GET /access/logins`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_LOGINS"));
    let (logins, people) = futures::try_join!(all(visit), names::people(visit))?;
    let columns = vec![
        Column::text(&ui, "login", "UI_LOGIN"),
        Column::text(&ui, "kind", "UI_KIND").filtered(),
        Column::text(&ui, "person", "UI_PERSON"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
        Column::text(&ui, "since", "UI_SINCE"),
    ];
    let may = visit.me().may(Permission::LoginWrite);
    let asked = logins.iter().filter(|login| login.reset_asked_at.is_some()).count();
    let row = |login: &Login| {
        let made = login.created_at.as_ref().and_then(instant);
        let person = if login.person_id.is_empty() { String::new() } else { people.said(&login.person_id) };
        Row {
            id: login.principal_id.clone(),
            href: if may { format!("/access/logins/{}/reset", login.principal_id) } else { String::new() },
            cells: vec![
                Cell::text(&login.login),
                Cell::text(ui.word(login.kind().as_str_name())),
                Cell::text(person),
                state(&ui, login),
                Cell::when(ui.moment(login.created_at.as_ref()), made.map_or(0, |at| at.as_second())),
            ],
        }
    };
    let rows = logins.iter().map(row).collect();
    let table = Table::new(&ui, ("logins", "NAV_LOGINS", "UI_NOTHING_THERE"), &visit.asked(), columns, rows);
    let act = if may { ("/access/logins/new".to_owned(), ui.t("UI_NEW_LOGIN")) } else { Default::default() };
    let said = if may && asked > 0 { ui.say(&msg!("UI_RESETS_ASKED", count = asked)) } else { String::new() };
    Ok(List { ui, table, act, said })
}

/// Whether somebody waits: for a new password, or to use the one they were given.
fn state(ui: &Ui, login: &Login) -> Cell {
    let invited = login.one_time_until.as_ref().and_then(instant);
    match (&login.reset_asked_at, invited) {
        (Some(_), _) => Cell::pill(ui.t("UI_RESET_ASKED"), "warn"),
        (None, Some(until)) if until > ui.now() => Cell::pill(ui.t("UI_INVITED"), "accent"),
        (None, Some(_)) => Cell::pill(ui.t("UI_INVITATION_OVER"), "bad"),
        (None, None) => Cell::text(""),
    }
}

fn new_form(ui: &Ui, people: &Names) -> Form {
    Form::new(ui, "/access/logins/new", "login", "UI_INVITE")
        .with(Field::text(ui, "login", "UI_LOGIN").required().hint(ui.t("UI_LOGIN_HINT")))
        .with(Field::new(ui, "person_id", "UI_PERSON", Kind::Choice(people.choices())).hint(ui.t("UI_LOGIN_OF")))
}

/// `GET /access/logins/new`.
pub async fn new(visit: Visit) -> Response<Body> {
    visit.page(page_new(&visit).await)
}

async fn page_new(visit: &Visit) -> Result<Act> {
    let ui = visit.ui(&msg!("UI_NEW_LOGIN")).below("/access/logins", visit.ui(&msg!("NAV_LOGINS")).title);
    let form = new_form(&ui, &names::people(visit).await?);
    Ok(Act::new(ui, form, "/access/logins"))
}

/// `POST /access/logins/new`: a login, and what leads whom it is for to a password of their own, shown once.
pub async fn create(visit: Visit, sent: Sent) -> Response<Body> {
    let page = match page_new(&visit).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    match created(&visit, &sent).await {
        Ok(done) => {
            visit.page(Ok(once(&visit, page.ui, sent.get("login"), (&done.one_time_password, done.expires_at))))
        }
        Err(error) => page.answered(&visit, &sent, Err(error), ("", "")),
    }
}

/// A password for one sign-in, and the link that has it.
fn once(visit: &Visit, ui: Ui, login: &str, (password, until): (&str, Option<prost_types::Timestamp>)) -> Once {
    let until = ui.moment(until.as_ref());
    let mut secrets = vec![(ui.t("UI_ONE_TIME_PASSWORD"), password.to_owned())];
    if !login.is_empty() {
        secrets.insert(0, (ui.t("UI_INVITATION"), join::link(visit, login, password)));
    }
    let said = ui.say(&msg!("UI_ONE_TIME_SAID", until));
    Once { ui, said, secrets, back: "/access/logins" }
}

async fn created(visit: &Visit, sent: &Sent) -> Result<CreateLoginResponse> {
    all_right(missing(sent, &["login"]))?;
    let (login, person_id) = (sent.get("login").to_owned(), sent.get("person_id").to_owned());
    let ask = CreateLoginRequest { request_id: sent.request_id(), login, password: String::new(), person_id };
    told(SessionServiceClient::new(visit.channel("identity")?).create_login(visit.request(ask))).await
}

async fn page_lost(visit: &Visit, id: &str) -> Result<Act> {
    let name = Principals::of(visit).await?.said(id);
    let ui = visit.ui(&msg!("UI_RESET_PASSWORD", name)).below("/access/logins", visit.ui(&msg!("NAV_LOGINS")).title);
    let form = Form::new(&ui, format!("/access/logins/{id}/reset"), "reset", "UI_RESET_NOW").danger();
    let form = form.with(Field::new(&ui, "factor", "UI_FACTOR_LOST", Kind::Check));
    let (said, sessions) = (ui.t("UI_RESET_SAID"), (format!("/access/logins/{id}/sessions"), ui.t("UI_SESSIONS")));
    Ok(Act::new(ui, form, "/access/logins").note("warn", said).way(sessions))
}

/// `GET /access/logins/{id}/reset`.
pub async fn lost(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(page_lost(&visit, &id).await)
}

/// `POST /access/logins/{id}/reset`: a password for one sign-in, shown once.
pub async fn reset(visit: Visit, Path(principal_id): Path<String>, sent: Sent) -> Response<Body> {
    let page = match page_lost(&visit, &principal_id).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let (remove_second_factor, whose) = (sent.get("factor") == "yes", principal_id.clone());
    let ask = ResetPasswordRequest { request_id: sent.request_id(), principal_id, remove_second_factor };
    let done =
        async { told(LoginServiceClient::new(visit.channel("identity")?).reset_password(visit.request(ask))).await };
    match done.await {
        Ok(done) => {
            let login = all(&visit).await.unwrap_or_default().into_iter().find(|it| it.principal_id == whose);
            let login = login.map(|it| it.login).unwrap_or_default();
            visit.page(Ok(once(&visit, page.ui, &login, (&done.one_time_password, done.expires_at))))
        }
        Err(error) => page.answered(&visit, &sent, Err(error), ("", "")),
    }
}
