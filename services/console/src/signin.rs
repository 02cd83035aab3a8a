//! Signing in and out, and what a reader chooses for their browser.

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::routing::{get, post};
use http::header::SET_COOKIE;
use http::{Response, StatusCode};
use jiff::tz::TimeZone;
use serde::Deserialize;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_api::identity::v1::{EndSessionRequest, SignInRequest, SignInResponse};
use tally_kernel::error::Error;
use tally_kernel::{Locale, Result, msg};

use crate::console::{Console, told};
use crate::visit::answer::see_other;
use crate::visit::cookies::{self, Session};
use crate::visit::entry::{self, Onward};
use crate::visit::{Sent, Visit};

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/sign-in", get(ask).post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/choices", post(choose))
        .route("/sso", get(sso::start))
        .route("/sso/back", get(sso::back))
}

#[derive(Debug, Default, Deserialize)]
struct To {
    #[serde(default)]
    to: String,
}

async fn ask(visit: Visit, Query(To { to }): Query<To>) -> Response<Body> {
    let ui = visit.ui(&msg!("UI_SIGN_IN"));
    let onward = Onward { to, fields: String::new() };
    let form = entry::form(&ui, &onward, (false, false));
    visit.page(Ok(entry::page(ui, form, (visit.by_script, false))))
}

async fn sign_in(visit: Visit, sent: Sent) -> Response<Body> {
    let onward = Onward::of(&sent);
    match signed_in(&visit, &sent).await {
        Ok(reply) => begun(&visit, &onward, reply),
        Err(error) => {
            let ui = visit.ui(&msg!("UI_SIGN_IN"));
            let code = error.reason() == "SECOND_FACTOR_NEEDED" || !sent.get("code").is_empty();
            let renew = error.reason() == "PASSWORD_MUST_CHANGE" || !sent.get("new_password").is_empty();
            let form = entry::form(&ui, &onward, (code, renew)).refused(&ui, sent.fields(), &error);
            visit.wrong(Ok(entry::page(ui, form, (visit.by_script, false))), &error)
        }
    }
}

async fn signed_in(visit: &Visit, sent: &Sent) -> Result<SignInResponse> {
    let ask = SignInRequest {
        login: sent.get("login").to_owned(),
        password: sent.get("password").to_owned(),
        code: sent.get("code").to_owned(),
        new_password: sent.get("new_password").to_owned(),
        client: "console".to_owned(),
    };
    told(SessionServiceClient::new(visit.channel("identity")?).sign_in(visit.request(ask))).await
}

/// The way on of whoever has just signed in, with the session for the browser to keep.
pub fn begun(visit: &Visit, onward: &Onward, reply: SignInResponse) -> Response<Body> {
    let session = Session {
        access: reply.access_token,
        refresh: reply.refresh_token,
        until: reply.expires_at.map_or(0, |at| at.seconds),
        secret: visit.secret.clone().unwrap_or_else(|| hex::encode(visit.console().rng().bytes::<16>())),
    };
    let mut answer = if visit.by_script {
        // The dialog closes, and the script repeats what it asked for.
        let mut done = Response::new(Body::empty());
        *done.status_mut() = StatusCode::NO_CONTENT;
        done
    } else if onward.fields.is_empty() {
        see_other(&onward.to)
    } else {
        again::page(visit, onward, &session)
    };
    answer.headers_mut().extend(cookies::keep(Some(&session), visit.secure).map(|kept| (SET_COOKIE, kept)));
    answer
}

mod again {
    //! A form that was sent when nobody was signed in any more, to be sent again.

    use askama::Template;
    use axum::body::Body;
    use http::Response;
    use tally_kernel::msg;

    use crate::ui::Ui;
    use crate::visit::cookies::Session;
    use crate::visit::entry::Onward;
    use crate::visit::{Visit, forgery};

    #[derive(Template)]
    #[template(path = "sign-in-again.html")]
    struct Again {
        ui: Ui,
        to: String,
        csrf: String,
        fields: Vec<(String, String)>,
    }

    pub fn page(visit: &Visit, onward: &Onward, session: &Session) -> Response<Body> {
        let fields = form_urlencoded::parse(onward.fields.as_bytes()).into_owned();
        let page = Again {
            ui: visit.ui(&msg!("UI_SIGNED_IN_AGAIN")),
            to: onward.to.clone(),
            csrf: forgery::token(&session.secret, visit.console().rng().bytes()),
            fields: fields.filter(|(name, _)| name != "csrf").collect(),
        };
        visit.page(Ok(page))
    }
}

mod sso {
    //! Signing in with a provider of the group's: out to it, and back.

    use askama::Template;
    use axum::body::Body;
    use http::header::SET_COOKIE;
    use http::{HeaderMap, Response};
    use tally_api::identity::v1::sso_service_client::SsoServiceClient;
    use tally_api::identity::v1::{
        FinishSsoRequest, FinishSsoResponse, SignInResponse, StartSsoRequest, StartSsoResponse,
    };
    use tally_kernel::error::{Error, Kind};
    use tally_kernel::{Result, msg};

    use super::begun;
    use crate::console::told;
    use crate::ui::Ui;
    use crate::visit::entry::Onward;
    use crate::visit::{Visit, cookies};

    /// What came with the way there, kept with the browser that went.
    const STATE: &str = "tally-sso";

    /// The way to the provider. A form may not lead to another site, so a page does.
    #[derive(Template)]
    #[template(path = "sign-in-out.html")]
    struct Out {
        ui: Ui,
        url: String,
        host: String,
    }

    /// `GET /sso?provider=`.
    pub async fn start(visit: Visit) -> Response<Body> {
        let provider = visit.asked().get("provider").trim().to_owned();
        match started(&visit, provider).await {
            Err(error) => visit.refused(&error),
            Ok(StartSsoResponse { authorize_url: url, state, .. }) => {
                let host =
                    url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned();
                let mut answer = visit.page(Ok(Out { ui: visit.ui(&msg!("UI_SSO")), url, host }));
                answer.headers_mut().extend(cookies::brief(STATE, &state, visit.secure).map(|it| (SET_COOKIE, it)));
                answer
            }
        }
    }

    async fn started(visit: &Visit, provider: String) -> Result<StartSsoResponse> {
        let ask = StartSsoRequest { provider };
        told(SsoServiceClient::new(visit.channel("identity")?).start_sso(visit.request(ask))).await
    }

    /// `GET /sso/back?state=&code=`.
    pub async fn back(visit: Visit, headers: HeaderMap) -> Response<Body> {
        let asked = visit.asked();
        let (state, code) = (asked.get("state").to_owned(), asked.get("code").to_owned());
        if state.is_empty() || cookies::cookie(&headers, STATE) != Some(state.as_str()) {
            return visit.refused(&Error::of(Kind::PermissionDenied, msg!("SSO_OF_ANOTHER_BROWSER")));
        }
        match finished(&visit, state, code).await {
            Err(error) => visit.refused(&error),
            Ok(it) => {
                let reply = SignInResponse {
                    access_token: it.access_token,
                    expires_at: it.expires_at,
                    principal_id: it.principal_id,
                    refresh_token: it.refresh_token,
                    session_expires_at: it.session_expires_at,
                    session_id: it.session_id,
                };
                let mut answer = begun(&visit, &Onward { to: "/".to_owned(), fields: String::new() }, reply);
                answer.headers_mut().extend(cookies::brief(STATE, "", visit.secure).map(|it| (SET_COOKIE, it)));
                answer
            }
        }
    }

    async fn finished(visit: &Visit, state: String, code: String) -> Result<FinishSsoResponse> {
        let ask = FinishSsoRequest { state, code, client: "console".to_owned() };
        told(SsoServiceClient::new(visit.channel("identity")?).finish_sso(visit.request(ask))).await
    }
}

async fn sign_out(visit: Visit, _sent: Sent) -> Response<Body> {
    if let Err(error) = signed_out(&visit).await {
        return visit.refused(&error);
    }
    let mut answer = see_other("/sign-in");
    answer.headers_mut().extend(cookies::keep(None, visit.secure).map(|kept| (SET_COOKIE, kept)));
    answer
}

async fn signed_out(visit: &Visit) -> Result<()> {
    let session_id = visit.me().session_id;
    let ask = EndSessionRequest { request_id: format!("end-{session_id}"), session_id };
    told(SessionServiceClient::new(visit.channel("identity")?).end_session(visit.request(ask))).await.map(|_| ())
}

/// Keeps what a reader chose, and leads back.
async fn choose(visit: Visit, sent: Sent) -> Response<Body> {
    let back = Onward::of(&sent).to;
    let zone = sent.get("zone");
    if !zone.is_empty() && TimeZone::get(zone).is_err() {
        return visit.refused(&Error::of(tally_kernel::Kind::InvalidArgument, msg!("ZONE_UNKNOWN", zone)));
    }
    let lang = Locale::ALL.into_iter().map(Locale::tag).find(|tag| *tag == sent.get("lang"));
    let among = |words: [&'static str; 3], name: &str| words.into_iter().find(|word| *word == sent.get(name));
    let theme = among(["auto", "light", "dark"], "theme");
    let density = among(["compact", "touch", "touch"], "density");
    let chosen = [("lang", lang), ("theme", theme), ("density", density), ("zone", Some(zone))];
    let mut answer = see_other(&back);
    for (name, value) in chosen {
        let kept = value.and_then(|value| cookies::choice(name, value, visit.secure));
        if let Some(kept) = kept {
            answer.headers_mut().append(SET_COOKIE, kept);
        }
    }
    answer
}
