//! Single sign-on at a real provider.

use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::Clock;
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::oidc::{Provider, REDIRECT, SECRET, browse};
use tally_testkit::on_both;

use crate::fixture::{Login, Reply, TestIdentity, answered, person_row};

/// The house's clock is never behind the machine's, which the provider goes by: on a busy machine a test takes minutes.
fn catch_up(identity: &TestIdentity) {
    identity.wait((Clock::System.now().as_second() - identity.clock.now().as_second()).max(0));
}

/// A house that trusts the provider.
async fn trusting(mut identity: TestIdentity, provider: &Provider, client: &str) -> TestIdentity {
    catch_up(&identity);
    identity.admin = identity.sign_in("admin").await;
    identity.login("lina@aurora.example", "").await;
    put(&identity, provider, client, "*").await.unwrap();
    identity
}

async fn put(
    identity: &TestIdentity,
    provider: &Provider,
    client: &str,
    region: &str,
) -> Reply<pb::PutSsoProviderResponse> {
    let secret = if client == "tally" { SECRET } else { "" };
    let ask = pb::PutSsoProviderRequest {
        provider: Some(pb::SsoProvider {
            name: "aurora".into(),
            issuer: provider.issuer.clone(),
            client_id: client.into(),
            claim: "email".into(),
            redirect_uri: REDIRECT.into(),
            region: region.into(),
            ..Default::default()
        }),
        client_secret: secret.into(),
        ..Default::default()
    };
    answered(identity.sso().put_sso_provider(identity.as_admin(ask)).await)
}

async fn start(identity: &TestIdentity) -> Reply<pb::StartSsoResponse> {
    answered(identity.sso().start_sso(pb::StartSsoRequest { provider: "aurora".into() }).await)
}

async fn finish(identity: &TestIdentity, state: &str, code: &str) -> Reply<pb::FinishSsoResponse> {
    catch_up(identity);
    let ask = pb::FinishSsoRequest { state: state.into(), code: code.into(), client: "a browser".into() };
    answered(identity.sso().finish_sso(ask).await)
}

/// Goes to the provider and comes back.
async fn sign_in(identity: &TestIdentity, login: &str) -> Reply<pb::FinishSsoResponse> {
    let started = start(identity).await?;
    let (code, state) = browse(&started.authorize_url, login);
    assert_eq!(state, started.state);
    finish(identity, &state, &code).await
}

fn login_of(done: &pb::FinishSsoResponse) -> Login {
    let done = done.clone();
    Login::of(pb::SignInResponse {
        principal_id: done.principal_id,
        access_token: done.access_token,
        session_id: done.session_id,
        refresh_token: done.refresh_token,
        ..Default::default()
    })
}

on_both!(somebody_signs_in_at_a_provider_with_and_without_a_clients_secret);
async fn somebody_signs_in_at_a_provider_with_and_without_a_clients_secret(on: Backend) {
    let provider = Provider::start();
    let client = if on == Backend::Sqlite { "tally" } else { "public" };
    let identity = trusting(TestIdentity::with_group(on).await, &provider, client).await;
    let started = start(&identity).await.unwrap();
    let (code, state) = browse(&started.authorize_url, "lina");
    let done = finish(&identity, &state, &code).await.unwrap();
    let lina = login_of(&done);
    let list =
        answered(identity.sessions().list_sessions(lina.says(pb::ListSessionsRequest::default())).await).unwrap();
    let current = list.sessions.iter().find(|session| session.current).unwrap();
    assert_eq!((current.method.as_str(), current.client.as_str()), ("oidc", "a browser"));
    let again = finish(&identity, &state, &code).await.unwrap_err();
    assert_eq!(again.reason(), "SSO_STATE_REFUSED", "a state is good for one sign-in");
    let ask = pb::RefreshSessionRequest { request_id: "r".into(), refresh_token: lina.refresh_token };
    assert!(identity.sessions().refresh_session(ask).await.is_ok());
    assert_eq!(sign_in(&identity, "stranger").await.unwrap_err().reason(), "SSO_LOGIN_UNKNOWN");
    identity.login("mallory@aurora.example", "").await;
    assert_eq!(sign_in(&identity, "mallory").await.unwrap_err().reason(), "SSO_REFUSED", "not verified there");
    let log = format!("{:?}", identity.audited().await);
    assert!(!log.contains(SECRET) && log.contains("identity.sso.put"));
}

#[tokio::test]
async fn what_comes_back_must_belong_to_what_was_begun() {
    let provider = Provider::start();
    let identity = trusting(TestIdentity::with_group(Backend::Sqlite).await, &provider, "tally").await;
    let [one, other] = [start(&identity).await.unwrap(), start(&identity).await.unwrap()];
    let (code, _) = browse(&one.authorize_url, "lina");
    let crossed = finish(&identity, &other.state, &code).await.unwrap_err();
    assert_eq!(crossed.reason(), "SSO_REFUSED", "a code of another sign-in: the verifier differs");

    let at = one.authorize_url.find("&nonce=").unwrap() + 7;
    let bent = format!("{}another{}", &one.authorize_url[..at], &one.authorize_url[at + 43..]);
    let (code, state) = browse(&bent, "lina");
    assert_eq!(finish(&identity, &state, &code).await.unwrap_err().reason(), "SSO_REFUSED", "another nonce");

    let mut forged = other.state.clone().into_bytes();
    let last = forged.len() - 5;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    for bad in ["", "x", std::str::from_utf8(&forged).unwrap()] {
        assert_eq!(finish(&identity, bad, "code").await.unwrap_err().reason(), "SSO_STATE_REFUSED", "{bad}");
    }
    let made_up = finish(&identity, &other.state, "made up").await.unwrap_err();
    assert_eq!((made_up.kind(), made_up.reason()), (Kind::Unauthenticated, "SSO_REFUSED"));
    let (code, state) = browse(&other.authorize_url, "lina");
    identity.wait(10 * 60);
    assert_eq!(finish(&identity, &state, &code).await.unwrap_err().reason(), "SSO_STATE_REFUSED", "too late");
}

#[tokio::test]
async fn a_provider_that_takes_another_key_loses_nobody() {
    let mut provider = Provider::start();
    let identity = trusting(TestIdentity::with_group(Backend::Sqlite).await, &provider, "tally").await;
    for key in 0..3 {
        sign_in(&identity, "lina").await.unwrap_or_else(|e| panic!("key {key}: {e:?}"));
        provider.rotate();
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_said_to_be() {
    let mut provider = Provider::start();
    let [one, other] = [Backend::Sqlite, Backend::Postgres].map(TestIdentity::with_group);
    let asked_before = trusting(one.await, &provider, "tally").await;
    let never_asked = trusting(other.await, &provider, "tally").await;
    let started = start(&asked_before).await.unwrap();
    let (code, state) = browse(&started.authorize_url, "lina");
    provider.fail();
    let away = finish(&asked_before, &state, &code).await.unwrap_err();
    assert_eq!((away.kind(), away.reason()), (Kind::Unavailable, "SSO_PROVIDER_AWAY"));
    let away = start(&never_asked).await.unwrap_err();
    assert_eq!((away.kind(), away.reason()), (Kind::Unavailable, "SSO_PROVIDER_AWAY"));
    assert!(asked_before.try_sign_in("admin", crate::fixture::PASSWORD).await.is_ok(), "passwords go on");
}

on_both!(providers_are_kept_by_administrators_and_a_regional_one_speaks_for_its_region);
async fn providers_are_kept_by_administrators_and_a_regional_one_speaks_for_its_region(on: Backend) {
    let provider = Provider::start();
    let mut identity = TestIdentity::with_company(on).await;
    catch_up(&identity);
    identity.admin = identity.sign_in("admin").await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "South/Desk")]).await;
    let north = identity.login("north@aurora.example", "E1").await;
    identity.login("south@aurora.example", "E2").await;
    put(&identity, &provider, "tally", "*").await.unwrap();
    let id = put(&identity, &provider, "tally", "cn-north").await.unwrap().provider_id;
    let list = pb::ListSsoProvidersRequest::default();
    let listed = answered(identity.sso().list_sso_providers(identity.as_admin(list.clone())).await).unwrap().providers;
    let seen: Vec<_> = listed.iter().map(|p| (p.provider_id.as_str(), p.region.as_str())).collect();
    assert_eq!(seen, [(id.as_str(), "cn-north")]);
    assert!(sign_in(&identity, "north").await.is_ok());
    assert_eq!(sign_in(&identity, "south").await.unwrap_err().reason(), "SSO_LOGIN_UNKNOWN");
    identity.grant(&north, "branch_hr", ScopeKind::Region, "cn-north").await;
    let refused = answered(identity.sso().list_sso_providers(north.says(list)).await).unwrap_err();
    assert_eq!(refused.kind(), Kind::PermissionDenied);
    let remove = || pb::RemoveSsoProviderRequest { name: "aurora".into(), ..Default::default() };
    answered(identity.sso().remove_sso_provider(identity.as_admin(remove())).await).unwrap();
    let gone = answered(identity.sso().remove_sso_provider(identity.as_admin(remove())).await).unwrap_err();
    assert_eq!(gone.kind(), Kind::NotFound);
    assert_eq!(start(&identity).await.unwrap_err().reason(), "PROVIDER_UNKNOWN");
    let ask = pb::PutSsoProviderRequest {
        provider: Some(pb::SsoProvider { issuer: "http://id.example".into(), ..Default::default() }),
        ..Default::default()
    };
    let wrong = answered(identity.sso().put_sso_provider(identity.as_admin(ask)).await).unwrap_err();
    let fields: Vec<_> = wrong.violations().iter().map(|v| v.field.as_str()).collect();
    let expected = [
        "provider.name",
        "provider.issuer",
        "provider.redirect_uri",
        "provider.client_id",
        "provider.claim",
        "provider.region",
    ];
    assert_eq!(fields, expected);
}
