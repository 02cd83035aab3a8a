//! The page that asks to sign in, wherever somebody is who must: it leads back, and repeats what was sent.

use askama::Template;
use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tally_kernel::msg;

use super::answer::{html, rendered};
use super::{FORM_MAX, Sent, Visit};
use crate::ui::Ui;
use crate::ui::form::{Field, Form, Kind};

/// Tells a script of the page to ask for the sign-in in a dialog, and to repeat its request afterwards.
const ASKS: HeaderName = HeaderName::from_static("x-tally-sign-in");
/// Beyond so many characters what was sent is not carried along.
const KEPT_MAX: usize = 64 * 1024;

/// The page.
#[derive(Template)]
#[template(path = "sign-in.html")]
pub struct SignIn {
    ui: Ui,
    form: Form,
    /// It stands in a dialog of another page.
    dialog: bool,
    /// Somebody was signed in before.
    expired: bool,
}

/// What the sign-in leads to afterwards: a page, or a form that is sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Onward {
    /// Path and question.
    pub to: String,
    /// The fields of the form; empty for a page.
    pub fields: String,
}

impl Onward {
    /// As a form carried it along. Only ways within the console are taken.
    pub fn of(sent: &Sent) -> Self {
        let to = sent.get("to");
        let own = to.starts_with('/') && !to.starts_with("//") && !to.contains(['\\', '\n', '\r']);
        Self { to: if own { to.to_owned() } else { "/".to_owned() }, fields: sent.get("fields").to_owned() }
    }
}

/// The form, with further fields where the first try showed that they are needed.
pub fn form(ui: &Ui, onward: &Onward, (code, renew): (bool, bool)) -> Form {
    let password =
        Field::new(ui, "password", "UI_PASSWORD", Kind::Password).required().autocomplete("current-password");
    let mut form = Form::new(ui, "/sign-in", "sign-in", "UI_SIGN_IN")
        .with(Field::text(ui, "login", "UI_LOGIN").required().autocomplete("username"))
        .with(password);
    if code {
        let field = Field::new(ui, "code", "UI_CODE", Kind::Code).required().autocomplete("one-time-code");
        form = form.with(field.hint(ui.t("UI_CODE_HINT")));
    }
    if renew {
        let field = Field::new(ui, "new_password", "UI_NEW_PASSWORD", Kind::Password).required();
        form = form.with(field.autocomplete("new-password").hint(ui.t("UI_NEW_PASSWORD_HINT")));
    }
    form.with(Field::hidden("to", &onward.to)).with(Field::hidden("fields", &onward.fields))
}

/// The page with a form.
pub fn page(ui: Ui, form: Form, (dialog, expired): (bool, bool)) -> SignIn {
    SignIn { ui, form, dialog, expired }
}

/// Asks for the sign-in in place of a page; a form that was sent is carried along.
pub async fn asked(visit: &Visit, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let is_form = head
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|media| media.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let fields = if head.method == Method::POST && is_form {
        let body = axum::body::to_bytes(body, FORM_MAX).await.unwrap_or_default();
        Some(String::from_utf8_lossy(&body).into_owned()).filter(|fields| fields.len() <= KEPT_MAX).unwrap_or_default()
    } else {
        String::new()
    };
    let ui = visit.ui(&msg!("UI_SIGN_IN"));
    let onward = Onward { to: ui.here().to_owned(), fields };
    let page = page(ui.clone(), form(&ui, &onward, (false, false)), (visit.by_script, visit.secret.is_some()));
    let mut answer = html(StatusCode::UNAUTHORIZED, rendered(&page).unwrap_or_default());
    answer.headers_mut().insert(ASKS, HeaderValue::from_static("/sign-in"));
    answer
}
