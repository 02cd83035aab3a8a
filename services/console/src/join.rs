//! Whoever was invited, or got a password for one sign-in in place of a forgotten one, chooses a password; and whoever forgot theirs asks for
//! that.
//!
//! An invitation is a link whose secrets stand behind `#`: no server and no log ever sees them. Without scripts they are typed.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tally_api::identity::v1::login_service_client::LoginServiceClient;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_api::identity::v1::{RequestPasswordResetRequest, SignInRequest, SignInResponse};
use tally_kernel::{Error, Result, msg};

use crate::act::{all_right, missing};
use crate::console::{Console, told};
use crate::signin::begun;
use crate::ui::Ui;
use crate::ui::form::{Field, Form, Kind};
use crate::visit::entry::Onward;
use crate::visit::{Sent, Visit};

/// A page of one form for whoever is not signed in.
#[derive(Template)]
#[template(path = "join.html")]
struct Card {
    ui: Ui,
    said: String,
    form: Form,
    /// What stands behind `#` fills it in.
    joins: bool,
}

impl Card {
    /// The same page with what was refused.
    fn refused(mut self, visit: &Visit, sent: &Sent, error: &Error) -> Response<Body> {
        self.form = self.form.refused(&self.ui, sent.fields(), error);
        visit.wrong(Ok(self), error)
    }
}

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new().route("/join", get(join).post(joined)).route("/forgotten", get(forgotten).post(asked))
}

/// The link that leads somebody to a password of their own.
pub fn link(visit: &Visit, login: &str, one_time: &str) -> String {
    let text = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    format!("{}/join#login={}&password={}", visit.origin(), text(login), text(one_time))
}

fn join_form(ui: &Ui, code: bool) -> Form {
    let given = Field::text(ui, "password", "UI_ONE_TIME_PASSWORD").required().autocomplete("one-time-code");
    let new = Field::new(ui, "new_password", "UI_NEW_PASSWORD", Kind::Password).required();
    let form = Form::new(ui, "/join", "join", "UI_JOIN")
        .with(Field::text(ui, "login", "UI_LOGIN").required().autocomplete("username"))
        .with(given)
        .with(new.autocomplete("new-password").hint(ui.t("UI_NEW_PASSWORD_HINT")));
    if !code {
        return form;
    }
    let field = Field::new(ui, "code", "UI_CODE", Kind::Code).required().autocomplete("one-time-code");
    form.with(field.hint(ui.t("UI_CODE_HINT")))
}

fn page_join(visit: &Visit, code: bool) -> Card {
    let ui = visit.ui(&msg!("UI_JOIN_HEAD"));
    Card { said: ui.t("UI_JOIN_SAID"), form: join_form(&ui, code), joins: true, ui }
}

/// `GET /join`.
async fn join(visit: Visit) -> Response<Body> {
    visit.page(Ok(page_join(&visit, false)))
}

/// `POST /join`.
async fn joined(visit: Visit, sent: Sent) -> Response<Body> {
    match signed_in(&visit, &sent).await {
        Ok(reply) => begun(&visit, &Onward { to: "/".to_owned(), fields: String::new() }, reply),
        Err(error) => {
            let code = error.reason() == "SECOND_FACTOR_NEEDED" || !sent.get("code").is_empty();
            page_join(&visit, code).refused(&visit, &sent, &error)
        }
    }
}

async fn signed_in(visit: &Visit, sent: &Sent) -> Result<SignInResponse> {
    all_right(missing(sent, &["login", "password", "new_password"]))?;
    let text = |name: &str| sent.get(name).to_owned();
    let (login, password, new_password) = (text("login"), text("password"), text("new_password"));
    let ask = SignInRequest { login, password, new_password, code: text("code"), client: "console".to_owned() };
    told(SessionServiceClient::new(visit.channel("identity")?).sign_in(visit.request(ask))).await
}

fn page_forgotten(visit: &Visit) -> Card {
    let ui = visit.ui(&msg!("UI_FORGOTTEN"));
    let login = Field::text(&ui, "login", "UI_LOGIN").required().autocomplete("username");
    let form = Form::new(&ui, "/forgotten", "forgotten", "UI_ASK_FOR_PASSWORD").with(login);
    Card { said: ui.t("UI_FORGOTTEN_SAID"), form, joins: false, ui }
}

/// `GET /forgotten`.
async fn forgotten(visit: Visit) -> Response<Body> {
    visit.page(Ok(page_forgotten(&visit)))
}

/// `POST /forgotten`: the same answer for every name.
async fn asked(visit: Visit, sent: Sent) -> Response<Body> {
    let done = async {
        all_right(missing(&sent, &["login"]))?;
        let (request_id, login) = (sent.request_id(), sent.get("login").to_owned());
        let ask = RequestPasswordResetRequest { request_id, login };
        let mut client = LoginServiceClient::new(visit.channel("identity")?);
        told(client.request_password_reset(visit.request(ask))).await.map(|_| ())
    };
    match done.await {
        Ok(()) => visit.done("/sign-in", "PASSWORD_ASKED_FOR"),
        Err(error) => page_forgotten(&visit).refused(&visit, &sent, &error),
    }
}
