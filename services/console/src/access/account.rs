//! One's own account: sessions, password, second factor.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_api::identity::v1::login_service_client::LoginServiceClient;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_api::identity::v1::{
    ChangePasswordRequest, ConfirmTotpRequest, EndAllSessionsRequest, EndSessionRequest, EnrollTotpRequest,
    ListSessionsRequest, RemoveTotpRequest, Session,
};
use tally_kernel::{Result, msg};

use super::grants::role_name;
use super::logins::Once;
use crate::act::{Act, all_right, missing};
use crate::console::told;
use crate::names;
use crate::ui::Ui;
use crate::ui::form::{Field, Form, Kind};
use crate::visit::{Sent, Visit};

#[derive(Template)]
#[template(path = "access/account.html")]
struct Page {
    ui: Ui,
    login: String,
    roles: String,
    second_factor: bool,
    sessions: Vec<Session>,
}

#[derive(Template)]
#[template(path = "access/factor.html")]
struct Factor {
    ui: Ui,
    /// The address as a QR code: how many modules it is wide, with the quiet zone, and the dark ones as a path.
    code: (usize, String),
    secret: String,
    uri: String,
    form: Form,
}

/// `GET /account`.
pub async fn show(visit: Visit) -> Response<Body> {
    visit.page(shown(&visit).await)
}

async fn shown(visit: &Visit) -> Result<Page> {
    let ui = visit.ui(&msg!("NAV_ACCOUNT"));
    let me = visit.me();
    let client = SessionServiceClient::new(visit.channel("identity")?);
    let sessions = tally_rpc::pages(async |page_token| {
        let ask = ListSessionsRequest { principal_id: String::new(), page_size: names::AT_ONCE, page_token };
        let page = client.clone().list_sessions(visit.request(ask)).await?.into_inner();
        Ok((page.sessions, page.next_page_token))
    });
    let roles = me.roles.iter().map(|role| role_name(&ui, role)).collect::<Vec<_>>().join(", ");
    Ok(Page { login: me.login, roles, second_factor: me.second_factor, sessions: sessions.await?, ui })
}

fn below(visit: &Visit, title: &tally_kernel::Message) -> Ui {
    visit.ui(title).below("/account", visit.ui(&msg!("NAV_ACCOUNT")).title)
}

fn page_password(visit: &Visit) -> Act {
    let ui = below(visit, &msg!("UI_CHANGE_PASSWORD"));
    let new = Field::new(&ui, "new_password", "UI_NEW_PASSWORD", Kind::Password).required();
    let form = Form::new(&ui, "/account/password", "password", "UI_CHANGE_PASSWORD")
        .with(
            Field::new(&ui, "old_password", "UI_PASSWORD", Kind::Password).required().autocomplete("current-password"),
        )
        .with(new.autocomplete("new-password").hint(ui.t("UI_PASSWORD_HINT")));
    let said = ui.t("UI_CHANGE_PASSWORD_SAID");
    Act::new(ui, form, "/account").note("plain", said)
}

/// `GET /account/password`.
pub async fn password(visit: Visit) -> Response<Body> {
    visit.page(Ok(page_password(&visit)))
}

/// `POST /account/password`.
pub async fn change_password(visit: Visit, sent: Sent) -> Response<Body> {
    let done = async {
        all_right(missing(&sent, &["old_password", "new_password"]))?;
        let text = |name: &str| sent.get(name).to_owned();
        let (old_password, new_password) = (text("old_password"), text("new_password"));
        let ask = ChangePasswordRequest { request_id: sent.request_id(), old_password, new_password };
        told(LoginServiceClient::new(visit.channel("identity")?).change_password(visit.request(ask))).await.map(|_| ())
    };
    page_password(&visit).answered(&visit, &sent, done.await, ("/account", "PASSWORD_CHANGED"))
}

/// `GET /account/factor`: begins a second factor, and shows what the authenticator needs.
pub async fn factor(visit: Visit) -> Response<Body> {
    let ui = below(&visit, &msg!("UI_ADD_FACTOR"));
    let ask = EnrollTotpRequest { request_id: ui.request_id("factor") };
    let made =
        async { told(LoginServiceClient::new(visit.channel("identity")?).enroll_totp(visit.request(ask))).await };
    visit.page(made.await.map(|made| {
        let form = factor_form(&ui).with(Field::hidden("secret", &made.secret)).with(Field::hidden("uri", &made.uri));
        Factor { code: qr(&made.uri), secret: made.secret, uri: made.uri, form, ui }
    }))
}

/// An address as a QR code; nothing where it is too long for one.
fn qr(uri: &str) -> (usize, String) {
    const QUIET: usize = 4;
    let Ok(code) = qrcode::QrCode::new(uri) else { return (0, String::new()) };
    let width = code.width();
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == qrcode::Color::Dark);
    let square = |(at, _)| format!("M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET);
    (width + 2 * QUIET, dark.map(square).collect())
}

fn factor_form(ui: &Ui) -> Form {
    let code = Field::new(ui, "code", "UI_CODE", Kind::Code).required().autocomplete("one-time-code");
    Form::new(ui, "/account/factor", "factor", "UI_CONFIRM").with(code.hint(ui.t("UI_CODE_OF_NEW")))
}

/// `POST /account/factor`: proves that it works; the codes for a bad day are shown once.
pub async fn confirm_factor(visit: Visit, sent: Sent) -> Response<Body> {
    let ui = below(&visit, &msg!("UI_ADD_FACTOR"));
    let ask = ConfirmTotpRequest { request_id: sent.request_id(), code: sent.get("code").to_owned() };
    let made =
        async { told(LoginServiceClient::new(visit.channel("identity")?).confirm_totp(visit.request(ask))).await };
    match made.await {
        Ok(made) => {
            let code = |code: String| (ui.t("UI_RECOVERY_CODE"), code);
            let secrets = made.recovery_codes.into_iter().map(code).collect();
            let said = ui.t("UI_RECOVERY_SAID");
            visit.page(Ok(Once { ui, said, secrets, back: "/account" }))
        }
        Err(error) => {
            let (secret, uri) = (sent.get("secret").to_owned(), sent.get("uri").to_owned());
            let form = factor_form(&ui).with(Field::hidden("secret", &secret)).with(Field::hidden("uri", &uri));
            let form = form.refused(&ui, sent.fields(), &error);
            visit.wrong(Ok(Factor { ui, code: qr(&uri), secret, uri, form }), &error)
        }
    }
}

fn page_leave(visit: &Visit) -> Act {
    let ui = below(visit, &msg!("UI_REMOVE_FACTOR"));
    let code = Field::new(&ui, "code", "UI_CODE", Kind::Code).required().autocomplete("one-time-code");
    let form = Form::new(&ui, "/account/factor/remove", "factor", "UI_REMOVE_FACTOR").danger();
    let form = form.with(code.hint(ui.t("UI_CODE_HINT")));
    Act::new(ui, form, "/account")
}

/// `GET /account/factor/remove`.
pub async fn leave_factor(visit: Visit) -> Response<Body> {
    visit.page(Ok(page_leave(&visit)))
}

/// `POST /account/factor/remove`.
pub async fn remove_factor(visit: Visit, sent: Sent) -> Response<Body> {
    let ask = RemoveTotpRequest { request_id: sent.request_id(), code: sent.get("code").to_owned() };
    let done =
        async { told(LoginServiceClient::new(visit.channel("identity")?).remove_totp(visit.request(ask))).await };
    page_leave(&visit).answered(&visit, &sent, done.await.map(|_| ()), ("/account", "FACTOR_REMOVED"))
}

/// `POST /account/sessions/{id}/end`.
pub async fn end_session(visit: Visit, Path(session_id): Path<String>, sent: Sent) -> Response<Body> {
    let ask = EndSessionRequest { request_id: sent.request_id(), session_id };
    let done =
        async { told(SessionServiceClient::new(visit.channel("identity")?).end_session(visit.request(ask))).await };
    match done.await {
        Ok(_) => visit.done("/account", "SESSION_ENDED"),
        Err(error) => visit.refused(&error),
    }
}

/// `POST /account/sessions/end-all`.
pub async fn end_all(visit: Visit, sent: Sent) -> Response<Body> {
    let ask = EndAllSessionsRequest { request_id: sent.request_id(), principal_id: String::new() };
    let done = async {
        told(SessionServiceClient::new(visit.channel("identity")?).end_all_sessions(visit.request(ask))).await
    };
    match done.await {
        Ok(_) => visit.done("/sign-in", "SESSIONS_ENDED"),
        Err(error) => visit.refused(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_drawn_with_its_corners_and_a_quiet_zone() {
        let (size, path) = qr("otpauth://totp/Tally:hr?secret=JBSWY3DPEHPK3PXP&issuer=Tally");
        assert!(size > 21 + 8, "{size}");
        // The upper left corner is dark, and nothing is within the quiet zone.
        assert!(path.starts_with("M4 4h1v1h-1z"), "{path}");
        assert!(!path.contains("M3 ") && !path.contains(&format!("M{} ", size - 1)), "{path}");
        assert_eq!(qr(&"a".repeat(5_000)), (0, String::new()));
    }
}
