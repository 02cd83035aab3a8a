//! Sessions, passwords, second factors, keys of programs, and providers of single sign-on.

use tally_api::identity::v1 as identity;
use tally_kernel::Clock;
use tally_rpc::{RpcChannel, bearer};
use tally_suite::session::{Channels, Session};
use tally_testkit::eventually;
use tally_testkit::oidc::{Provider, REDIRECT, SECRET, browse};
use tonic::{Code, Request};

use crate::journey::{Done, PASSWORD};
use crate::stack::Stack;

type Sessions = identity::session_service_client::SessionServiceClient<RpcChannel>;
type Logins = identity::login_service_client::LoginServiceClient<RpcChannel>;

/// What replaces it.
const OTHER: &str = "seven bridges and a lake";

/// Does them all.
pub async fn journey(_: &Stack, done: &Done) {
    let (at, admin) = (&done.crew.admin.at, &done.crew.admin);
    let ask = identity::CreateLoginRequest {
        login: "newcomer".into(),
        password: PASSWORD.into(),
        person_id: String::new(),
        ..Default::default()
    };
    let principal_id = sessions(at).create_login(admin.ask(ask)).await.expect("a login").into_inner().principal_id;
    carries_on_and_ends(at).await;
    changes_and_is_reset(admin, &principal_id).await;
    has_a_second_factor(done).await;
    program(done).await;
    provider(admin).await;
}

fn sessions(at: &Channels) -> Sessions {
    Sessions::new(at.identity.clone())
}

fn logins(at: &Channels) -> Logins {
    Logins::new(at.identity.clone())
}

fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    bearer(&mut request, token);
    request
}

async fn sign_in(at: &Channels, password: &str) -> identity::SignInResponse {
    let (login, password) = ("newcomer".to_owned(), password.to_owned());
    let ask = identity::SignInRequest { login, password, client: "a journey".into(), ..Default::default() };
    sessions(at).sign_in(ask).await.expect("a session").into_inner()
}

/// A session is refreshed, and once it has ended no service of the suite takes its tokens any more.
async fn carries_on_and_ends(at: &Channels) {
    let begun = sign_in(at, PASSWORD).await;
    let ask = identity::RefreshSessionRequest { request_id: "one".into(), refresh_token: begun.refresh_token };
    let next = sessions(at).refresh_session(ask).await.expect("the next tokens").into_inner();
    assert_eq!(next.session_id, begun.session_id);
    let keys = sessions(at).get_jwks(identity::GetJwksRequest {}).await.expect("keys").into_inner().jwks_json;
    assert!(keys.contains("\"kid\""), "what verifies a token is public: {keys}");
    let elsewhere = async || {
        let ask = tally_api::talent::v1::GetProfileRequest { person_id: begun.session_id.clone() };
        let channel = at.talent.clone();
        let mut client = tally_api::talent::v1::profile_service_client::ProfileServiceClient::new(channel);
        client.get_profile(with(&next.access_token, ask)).await.expect_err("no grant").code()
    };
    assert_eq!(elsewhere().await, Code::PermissionDenied, "known, and without a grant");
    let end = identity::EndSessionRequest { session_id: next.session_id.clone(), ..Default::default() };
    sessions(at).end_session(with(&next.access_token, end)).await.expect("an end");
    eventually("the end is known everywhere", async || (elsewhere().await == Code::Unauthenticated).then_some(()))
        .await;

    let again = sign_in(at, PASSWORD).await;
    let everywhere = identity::EndAllSessionsRequest::default();
    let ended = sessions(at).end_all_sessions(with(&again.access_token, everywhere)).await.expect("an end");
    assert_eq!(ended.into_inner().ended, 1);
}

async fn changes_and_is_reset(admin: &Session, principal_id: &str) {
    let at = &admin.at;
    let begun = sign_in(at, PASSWORD).await;
    let ask = identity::ChangePasswordRequest {
        old_password: PASSWORD.into(),
        new_password: OTHER.into(),
        ..Default::default()
    };
    logins(at).change_password(with(&begun.access_token, ask)).await.expect("a change");
    sign_in(at, OTHER).await;
    // Whoever forgot it asks without signing in; nobody learns whether there is such a login.
    for login in ["newcomer", "nobody of that name"] {
        let ask = identity::RequestPasswordResetRequest { login: login.into(), ..Default::default() };
        logins(at).request_password_reset(ask).await.expect("heard");
    }
    let ask = identity::ResetPasswordRequest {
        principal_id: principal_id.to_owned(),
        remove_second_factor: false,
        ..Default::default()
    };
    let first = logins(at).reset_password(admin.ask(ask)).await.expect("a reset").into_inner().one_time_password;
    let ask = identity::SignInRequest {
        login: "newcomer".into(),
        password: first,
        new_password: PASSWORD.into(),
        ..Default::default()
    };
    sessions(at).sign_in(ask).await.expect("a session with a new password");
}

async fn has_a_second_factor(done: &Done) {
    let at = &done.crew.admin.at;
    let begun = sign_in(at, PASSWORD).await.access_token;
    let (_, codes) = begin_second_factor(at, &begun).await;
    let ask = identity::SignInRequest { login: "newcomer".into(), password: PASSWORD.into(), ..Default::default() };
    let refused = sessions(at).sign_in(ask).await.expect_err("no code");
    assert_eq!(tally_rpc::error_from(refused).reason(), "SECOND_FACTOR_NEEDED");
    let ask = identity::RemoveTotpRequest { code: codes[0].clone(), ..Default::default() };
    logins(at).remove_totp(with(&begun, ask)).await.expect("no second factor");
    sign_in(at, PASSWORD).await;
}

/// Enrolls whoever has this token: the secret, and the recovery codes.
pub async fn begin_second_factor(at: &Channels, token: &str) -> (String, Vec<String>) {
    let ask = identity::EnrollTotpRequest::default();
    let secret = logins(at).enroll_totp(with(token, ask)).await.expect("a secret").into_inner().secret;
    let ask = identity::ConfirmTotpRequest { code: code_now(&secret, 0), ..Default::default() };
    let confirmed = logins(at).confirm_totp(with(token, ask)).await.expect("recovery codes").into_inner();
    (secret, confirmed.recovery_codes)
}

/// The code that an authenticator shows now, or so many half minutes later.
pub fn code_now(secret: &str, later: i64) -> String {
    code(secret, Clock::System.now().as_second() / 30 + later)
}

/// The code of RFC 6238 that an authenticator shows.
fn code(secret: &str, step: i64) -> String {
    let fives = secret.bytes().map(|c| if c.is_ascii_digit() { c - b'2' + 26 } else { c - b'A' });
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for five in fives {
        (bits, held) = (bits << 5 | u32::from(five), held + 5);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = tag.as_ref()[at..at + 4].iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// A program brings something in with a key that is made for nothing else, until the key is revoked.
async fn program(done: &Done) {
    let admin = &done.crew.admin;
    let channel = admin.at.identity.clone();
    let mut accounts = identity::service_account_service_client::ServiceAccountServiceClient::new(channel.clone());
    let ask = identity::CreateServiceAccountRequest { name: "nightly-push".into(), ..Default::default() };
    let principal_id =
        accounts.create_service_account(admin.ask(ask)).await.expect("an account").into_inner().principal_id;
    let ask = identity::ListServiceAccountsRequest::default();
    let listed = accounts.list_service_accounts(admin.ask(ask)).await.expect("accounts").into_inner().accounts;
    assert!(listed.iter().any(|account| account.principal_id == principal_id), "{listed:?}");
    let grant = identity::Grant {
        principal_id: principal_id.clone(),
        role: "integrator".into(),
        scope: identity::ScopeKind::Tenant.into(),
        valid_from: "2026-01-01".into(),
        reason: "brings in sites".into(),
        ..Default::default()
    };
    let mut access = identity::access_service_client::AccessServiceClient::new(channel);
    let ask = identity::GrantRoleRequest { grant: Some(grant), ..Default::default() };
    access.grant_role(admin.ask(ask)).await.expect("a grant");
    let now = Clock::System.now().as_second();
    let ask = identity::CreateApiKeyRequest {
        principal_id: principal_id.clone(),
        name: "nightly".into(),
        permissions: vec!["attendance.site.read".into()],
        expires_at: Some(prost_types::Timestamp { seconds: now + 24 * 3600, nanos: 0 }),
        ..Default::default()
    };
    let made = accounts.create_api_key(admin.ask(ask)).await.expect("a key").into_inner();
    let ask = identity::ListApiKeysRequest { principal_id, ..Default::default() };
    let keys = accounts.list_api_keys(admin.ask(ask)).await.expect("keys").into_inner().keys;
    assert_eq!(keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["nightly"]);
    let ask = identity::ExchangeApiKeyRequest { api_key: made.api_key };
    let token = accounts.exchange_api_key(ask).await.expect("a token").into_inner().access_token;
    let mut sites = tally_api::attendance::v1::site_service_client::SiteServiceClient::new(admin.at.attendance.clone());
    let list = tally_api::attendance::v1::ListSitesRequest::default();
    assert!(sites.list_sites(with(&token, list)).await.is_ok());
    let import = tally_api::attendance::v1::ImportSitesRequest::default();
    let refused = sites.import_sites(with(&token, import)).await.expect_err("not what the key is for");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    let key_id = made.key.expect("the key").key_id;
    let ask = identity::RevokeApiKeyRequest { key_id, ..Default::default() };
    accounts.revoke_api_key(admin.ask(ask)).await.expect("a revocation");
    let dead = async || {
        let list = tally_api::attendance::v1::ListSitesRequest::default();
        let refused = sites.clone().list_sites(with(&token, list)).await.err()?;
        (refused.code() == Code::Unauthenticated).then_some(())
    };
    eventually("the key is dead everywhere", dead).await;
}

/// Somebody signs in at a real provider.
async fn provider(admin: &Session) {
    let mut sso = identity::sso_service_client::SsoServiceClient::new(admin.at.identity.clone());
    let provider = Provider::start();
    let ask = identity::CreateLoginRequest {
        login: "lina@aurora.example".into(),
        password: PASSWORD.into(),
        person_id: String::new(),
        ..Default::default()
    };
    let principal_id =
        sessions(&admin.at).create_login(admin.ask(ask)).await.expect("a login").into_inner().principal_id;
    let ask = identity::PutSsoProviderRequest {
        provider: Some(identity::SsoProvider {
            name: "aurora".into(),
            issuer: provider.issuer.clone(),
            client_id: "tally".into(),
            claim: "email".into(),
            redirect_uri: REDIRECT.into(),
            region: "*".into(),
            ..Default::default()
        }),
        client_secret: SECRET.into(),
        ..Default::default()
    };
    sso.put_sso_provider(admin.ask(ask)).await.expect("a provider");
    let ask = identity::ListSsoProvidersRequest::default();
    let listed = sso.list_sso_providers(admin.ask(ask)).await.expect("providers").into_inner().providers;
    assert_eq!(listed.iter().map(|one| one.issuer.as_str()).collect::<Vec<_>>(), [provider.issuer.as_str()]);
    let ask = identity::StartSsoRequest { provider: "aurora".into() };
    let started = sso.start_sso(ask).await.expect("the way there").into_inner();
    let (code, state) = browse(&started.authorize_url, "lina");
    let ask = identity::FinishSsoRequest { state, code, client: "a journey".into() };
    let done = sso.finish_sso(ask).await.expect("a session").into_inner();
    assert_eq!(done.principal_id, principal_id);
    let ask = identity::RemoveSsoProviderRequest { name: "aurora".into(), ..Default::default() };
    sso.remove_sso_provider(admin.ask(ask)).await.expect("no provider");
}
