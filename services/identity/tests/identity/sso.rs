//! Single sign-on at a real provider.

use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::Clock;
use tally_kernel::error::Kind;
use tally_testkit::oidc::{Provider, REDIRECT, SECRET, browse};

use crate::house::{House, Login, Told, person_row, told};

/// A house on the machine's time, which the provider goes by, that trusts it.
async fn trusting(mut house: House, provider: &Provider, client: &str) -> House {
    house.wait(Clock::System.now().as_second() - house.clock.now().as_second());
    house.admin = house.sign_in("admin").await;
    house.login("lina@aurora.example", "").await;
    put(&house, provider, client, "*").await.unwrap();
    house
}

async fn put(house: &House, provider: &Provider, client: &str, region: &str) -> Told<pb::PutSsoProviderResponse> {
    let secret = if client == "tally" { SECRET } else { "" };
    let ask = pb::PutSsoProviderRequest {
        request_id: String::new(),
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
    };
    told(house.sso().put_sso_provider(house.as_admin(ask)).await)
}

async fn start(house: &House) -> Told<pb::StartSsoResponse> {
    told(house.sso().start_sso(pb::StartSsoRequest { provider: "aurora".into() }).await)
}

async fn finish(house: &House, state: &str, code: &str) -> Told<pb::FinishSsoResponse> {
    let ask = pb::FinishSsoRequest { state: state.into(), code: code.into(), client: "a browser".into() };
    told(house.sso().finish_sso(ask).await)
}

/// Goes to the provider and comes back.
async fn sign_in(house: &House, login: &str) -> Told<pb::FinishSsoResponse> {
    let started = start(house).await?;
    let (code, state) = browse(&started.authorize_url, login);
    assert_eq!(state, started.state);
    finish(house, &state, &code).await
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

#[tokio::test]
async fn somebody_signs_in_at_a_provider_with_and_without_a_clients_secret() {
    let provider = Provider::start();
    for (house, client) in House::all().await.into_iter().zip(["tally", "public"]) {
        let house = trusting(house, &provider, client).await;
        let started = start(&house).await.unwrap();
        let (code, state) = browse(&started.authorize_url, "lina");
        let done = finish(&house, &state, &code).await.unwrap();
        let lina = login_of(&done);
        let list = told(house.sessions().list_sessions(lina.says(pb::ListSessionsRequest::default())).await).unwrap();
        let current = list.sessions.iter().find(|session| session.current).unwrap();
        assert_eq!((current.method.as_str(), current.client.as_str()), ("oidc", "a browser"), "{}", house.db.name);
        let again = finish(&house, &state, &code).await.unwrap_err();
        assert_eq!(again.reason(), "SSO_STATE_REFUSED", "a state is good for one sign-in");
        let ask = pb::RefreshSessionRequest { request_id: "r".into(), refresh_token: lina.refresh_token };
        assert!(house.sessions().refresh_session(ask).await.is_ok());
        assert_eq!(sign_in(&house, "stranger").await.unwrap_err().reason(), "SSO_LOGIN_UNKNOWN");
        house.login("mallory@aurora.example", "").await;
        assert_eq!(sign_in(&house, "mallory").await.unwrap_err().reason(), "SSO_REFUSED", "not verified there");
        let log = format!("{:?}", house.audited().await);
        assert!(!log.contains(SECRET) && log.contains("identity.sso.put"));
    }
}

#[tokio::test]
async fn what_comes_back_must_belong_to_what_was_begun() {
    let provider = Provider::start();
    let house = trusting(House::all().await.remove(0), &provider, "tally").await;
    let [one, other] = [start(&house).await.unwrap(), start(&house).await.unwrap()];
    let (code, _) = browse(&one.authorize_url, "lina");
    let crossed = finish(&house, &other.state, &code).await.unwrap_err();
    assert_eq!(crossed.reason(), "SSO_REFUSED", "a code of another sign-in: the verifier differs");

    let at = one.authorize_url.find("&nonce=").unwrap() + 7;
    let bent = format!("{}another{}", &one.authorize_url[..at], &one.authorize_url[at + 43..]);
    let (code, state) = browse(&bent, "lina");
    assert_eq!(finish(&house, &state, &code).await.unwrap_err().reason(), "SSO_REFUSED", "another nonce");

    let mut forged = other.state.clone().into_bytes();
    let last = forged.len() - 5;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    for bad in ["", "x", std::str::from_utf8(&forged).unwrap()] {
        assert_eq!(finish(&house, bad, "code").await.unwrap_err().reason(), "SSO_STATE_REFUSED", "{bad}");
    }
    let made_up = finish(&house, &other.state, "made up").await.unwrap_err();
    assert_eq!((made_up.kind(), made_up.reason()), (Kind::Unauthenticated, "SSO_REFUSED"));
    let (code, state) = browse(&other.authorize_url, "lina");
    house.wait(10 * 60);
    assert_eq!(finish(&house, &state, &code).await.unwrap_err().reason(), "SSO_STATE_REFUSED", "too late");
}

#[tokio::test]
async fn a_provider_that_takes_another_key_loses_nobody() {
    let mut provider = Provider::start();
    let house = trusting(House::all().await.remove(0), &provider, "tally").await;
    for key in 0..3 {
        sign_in(&house, "lina").await.unwrap_or_else(|e| panic!("key {key}: {e:?}"));
        provider.rotate();
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_said_to_be() {
    let mut provider = Provider::start();
    let mut houses = House::all().await;
    let asked_before = trusting(houses.remove(0), &provider, "tally").await;
    let never_asked = trusting(houses.remove(0), &provider, "tally").await;
    let started = start(&asked_before).await.unwrap();
    let (code, state) = browse(&started.authorize_url, "lina");
    provider.fail();
    let away = finish(&asked_before, &state, &code).await.unwrap_err();
    assert_eq!((away.kind(), away.reason()), (Kind::Unavailable, "SSO_PROVIDER_AWAY"));
    let away = start(&never_asked).await.unwrap_err();
    assert_eq!((away.kind(), away.reason()), (Kind::Unavailable, "SSO_PROVIDER_AWAY"));
    assert!(asked_before.try_sign_in("admin", crate::house::PASSWORD).await.is_ok(), "passwords go on");
}

#[tokio::test]
async fn providers_are_kept_by_administrators_and_a_regional_one_speaks_for_its_region() {
    let provider = Provider::start();
    for house in House::with_company().await {
        let mut house = house;
        house.wait(Clock::System.now().as_second() - house.clock.now().as_second());
        house.admin = house.sign_in("admin").await;
        house.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "South/Desk")]).await;
        let north = house.login("north@aurora.example", "E1").await;
        house.login("south@aurora.example", "E2").await;
        put(&house, &provider, "tally", "*").await.unwrap();
        let id = put(&house, &provider, "tally", "cn-north").await.unwrap().provider_id;
        let list = pb::ListSsoProvidersRequest::default();
        let listed = told(house.sso().list_sso_providers(house.as_admin(list.clone())).await).unwrap().providers;
        let seen: Vec<_> = listed.iter().map(|p| (p.provider_id.as_str(), p.region.as_str())).collect();
        assert_eq!(seen, [(id.as_str(), "cn-north")], "{}", house.db.name);
        assert!(sign_in(&house, "north").await.is_ok(), "{}", house.db.name);
        assert_eq!(sign_in(&house, "south").await.unwrap_err().reason(), "SSO_LOGIN_UNKNOWN", "{}", house.db.name);
        house.grant(&north, "branch_hr", ScopeKind::Region, "cn-north").await;
        let refused = told(house.sso().list_sso_providers(north.says(list)).await).unwrap_err();
        assert_eq!(refused.kind(), Kind::PermissionDenied);
        let remove = || pb::RemoveSsoProviderRequest { request_id: String::new(), name: "aurora".into() };
        told(house.sso().remove_sso_provider(house.as_admin(remove())).await).unwrap();
        let gone = told(house.sso().remove_sso_provider(house.as_admin(remove())).await).unwrap_err();
        assert_eq!(gone.kind(), Kind::NotFound);
        assert_eq!(start(&house).await.unwrap_err().reason(), "PROVIDER_UNKNOWN");
        let ask = pb::PutSsoProviderRequest {
            provider: Some(pb::SsoProvider { issuer: "http://id.example".into(), ..Default::default() }),
            ..Default::default()
        };
        let wrong = told(house.sso().put_sso_provider(house.as_admin(ask)).await).unwrap_err();
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
}
