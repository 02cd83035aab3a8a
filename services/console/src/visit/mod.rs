//! A visit: who reads, with which session, and the answers they get. Everything between a request and a page that is the same for all pages.

pub mod answer;
pub mod cookies;
pub mod entry;
pub mod forgery;
mod session;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, State};
use axum::middleware::Next;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use tally_api::identity::v1::GetOwnAccessRequest;
use tally_api::identity::v1::check_service_client::CheckServiceClient;
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Message, Result, msg};
use tally_rpc::RpcChannel;
use tonic::metadata::MetadataValue;
use tonic::transport::server::TcpConnectInfo;

use crate::console::{Console, told};
use crate::ui::table::Asked;
use crate::ui::{Choices, Me, Shared, Ui};
use cookies::Session;

/// What a form may have: more than anybody types.
const FORM_MAX: usize = 256 * 1024;
/// How long a page waits for a service.
const PATIENCE: Duration = Duration::from_secs(30);
/// Paths that nobody need have signed in for, and all below them.
const PUBLIC: [&str; 8] =
    ["/sign-in", "/sso", "/join", "/forgotten", "/choices", "/offline", "/sw.js", "/manifest.webmanifest"];
/// htmx says so of its requests.
const BY_SCRIPT: HeaderName = HeaderName::from_static("hx-request");

/// A request on its way to a page.
#[derive(Clone, Debug)]
pub struct Visit {
    console: Console,
    pub choices: Choices,
    session: Option<Session>,
    me: Option<Me>,
    /// Where the browser is: whom nobody has signed in as is counted by it.
    caller: Option<TcpConnectInfo>,
    here: String,
    nonce: String,
    /// The secret of the session that the browser sent, good or not.
    pub secret: Option<String>,
    /// The browser came by HTTPS.
    pub secure: bool,
    /// As the browser names it, with its port.
    host: String,
    /// A script of the page asks, and not the browser itself.
    pub by_script: bool,
}

/// Guards all pages: refreshes the session, asks who reads, refuses forms of other sites, and asks whoever has not signed in to do so.
pub async fn guard(State(console): State<Console>, mut request: Request<Body>, next: Next) -> Response<Body> {
    let mut visit = Visit::of(console, request.headers(), request.uri());
    visit.caller = request.extensions().get().cloned();
    let is_change = !matches!(*request.method(), Method::GET | Method::HEAD);
    let is_public = is_public(request.uri().path());
    let known = visit.identified().await;
    let renewed = matches!(known, Ok(true));
    let mut answer = match known {
        _ if is_change && !forgery::is_ours(request.headers()) => {
            visit.refused(&Error::of(Kind::PermissionDenied, msg!("FORM_OF_ANOTHER_SITE")))
        }
        Err(error) if !is_public => visit.refused(&error),
        Ok(_) if visit.me.is_none() && !is_public => entry::asked(&visit, request).await,
        _ => {
            request.extensions_mut().insert(visit.clone());
            next.run(request).await
        }
    };
    // A page that begins or ends a session has said so itself.
    if renewed && !answer.headers().contains_key(SET_COOKIE) {
        answer.headers_mut().extend(cookies::keep(visit.session.as_ref(), visit.secure).map(|kept| (SET_COOKIE, kept)));
    }
    visit.guarded(answer.headers_mut());
    answer
}

fn is_public(path: &str) -> bool {
    PUBLIC.iter().any(|public| path.strip_prefix(public).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

impl Visit {
    fn of(console: Console, headers: &HeaderMap, uri: &Uri) -> Self {
        let session = cookies::session(headers);
        Self {
            choices: cookies::choices(headers),
            secret: session.as_ref().map(|session| session.secret.clone()),
            session,
            caller: None,
            me: None,
            here: uri.path_and_query().map_or("/", |it| it.as_str()).to_owned(),
            nonce: hex::encode(console.rng().bytes::<16>()),
            secure: cookies::is_secure(headers),
            host: headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned(),
            by_script: headers.contains_key(BY_SCRIPT),
            console,
        }
    }

    /// Finds out who reads. Whether the browser must keep another session than the one it sent; one that is over it keeps, since its secret
    /// holds for the forms of pages that are open, whoever signs in again.
    async fn identified(&mut self) -> Result<bool> {
        let Some(session) = self.session.take() else { return Ok(false) };
        let Some((session, renewed)) = session::fresh(self, session).await? else { return Ok(false) };
        self.session = Some(session);
        let ask = self.request(GetOwnAccessRequest {});
        match told(CheckServiceClient::new(self.console.channel("identity")?).get_own_access(ask)).await {
            Ok(own) => self.me = Some(Me::of(own)),
            Err(error) if error.kind() == Kind::Unauthenticated => self.session = None,
            Err(error) => return Err(error),
        }
        Ok(renewed && self.session.is_some())
    }

    /// Headers that all pages have: what a page may load, and that nobody keeps it.
    fn guarded(&self, headers: &mut HeaderMap) {
        let nonce = &self.nonce;
        let policy = format!(
            "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types htmx tally"
        );
        headers.extend(HeaderValue::from_str(&policy).ok().map(|policy| (CONTENT_SECURITY_POLICY, policy)));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }

    /// Where the browser finds the console, such as `https://hr.example`.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.host)
    }

    /// The console.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Who reads; whoever may do nothing where nobody is signed in.
    pub fn me(&self) -> Me {
        self.me.clone().unwrap_or_default()
    }

    /// The same with nobody signed in, for a page that a browser keeps.
    #[must_use]
    pub fn nobody(self) -> Self {
        Self { me: None, session: None, secret: None, ..self }
    }

    /// The same on another page, with the same question: for a part that comes into that page.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        let here = self.here.split_once('?').map_or_else(|| path.to_owned(), |(_, asked)| format!("{path}?{asked}"));
        Self { here, ..self }
    }

    /// The session, where somebody is signed in.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// What the address says of the page's table, and of the page.
    pub fn asked(&self) -> Asked {
        let query = self.here.split_once('?').map_or("", |(_, query)| query);
        Asked::of(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// A page's own things, for a page of this name.
    pub fn ui(&self, title: &Message) -> Ui {
        let rng = self.console.rng();
        let secret = self.secret.as_deref().unwrap_or_default();
        let now = self.console.clock().now();
        let shared = Shared {
            me: self.me.clone(),
            choices: self.choices.clone(),
            here: self.here.clone(),
            csrf: forgery::token(secret, rng.bytes()),
            nonce: self.nonce.clone(),
            seed: rng.uuid(now).to_string(),
            done: Some(self.asked().get("done").to_owned()).filter(|done| !done.is_empty()),
            screens: self.console.screens(),
            now,
        };
        Ui::new(Arc::new(shared), title)
    }

    /// The way to a service, for its generated clients.
    ///
    /// # Errors
    /// A fault of ours.
    pub fn channel(&self, service: &str) -> Result<RpcChannel> {
        self.console.channel(service)
    }

    /// A request as the reader: with their token, language and trace.
    pub fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(session) = &self.session {
            tally_rpc::bearer(&mut request, &session.access);
        }
        let metadata = request.metadata_mut();
        metadata.insert("accept-language", MetadataValue::from_static(self.choices.locale.tag()));
        if let Some(Ok(trace)) = tally_rpc::current_trace().map(MetadataValue::try_from) {
            metadata.insert("traceparent", trace);
        }
        if let Some(caller) = &self.caller {
            request.extensions_mut().insert(caller.clone());
        }
        request.set_timeout(PATIENCE);
        request
    }
}

impl FromRequestParts<Console> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Self::Rejection> {
        let visit = parts.extensions.get().cloned();
        // Pages stand behind the guard; one that does not has nobody signed in.
        Ok(visit.unwrap_or_else(|| Self::of(console.clone(), &HeaderMap::new(), &parts.uri)))
    }
}

/// A form that a page of ours sent.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    fields: Vec<(String, String)>,
}

impl Sent {
    /// What was filled in, or empty.
    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// All that was filled in under one name.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// Everything, for a form that is shown again.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The id under which the form does its work once.
    pub fn request_id(&self) -> String {
        self.get("request_id").to_owned()
    }

    fn read(body: &[u8]) -> Self {
        Self { fields: form_urlencoded::parse(body).into_owned().collect() }
    }
}

impl FromRequest<Console> for Sent {
    type Rejection = Response<Body>;

    async fn from_request(request: Request<Body>, console: &Console) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let Ok(visit) = Visit::from_request_parts(&mut parts, console).await;
        let body = axum::body::to_bytes(body, FORM_MAX).await;
        let body = body
            .map_err(|_| visit.refused(&Error::of(Kind::InvalidArgument, msg!("BODY_TOO_LARGE", limit = FORM_MAX))))?;
        let sent = Self::read(&body);
        let held = visit.session().is_none_or(|session| forgery::holds(&session.secret, sent.get("csrf")));
        if held { Ok(sent) } else { Err(visit.refused(&Error::of(Kind::PermissionDenied, msg!("FORM_OUTDATED")))) }
    }
}
