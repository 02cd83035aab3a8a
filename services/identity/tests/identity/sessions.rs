//! Sessions: refresh, reuse, lists, ends, and what a stolen or forged token is good for.

use futures::future::join_all;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_rpc::Views as _;
use tally_testkit::databases::Backend;
use tally_testkit::eventually;
use tally_testkit::on_both;
use tally_testkit::postgres::Server;

use crate::fixture::{Login, PASSWORD, Reply, TestIdentity, answered, person_row};

async fn refresh(identity: &TestIdentity, token: &str, request_id: &str) -> Reply<pb::RefreshSessionResponse> {
    let ask = pb::RefreshSessionRequest { request_id: request_id.into(), refresh_token: token.into() };
    answered(identity.sessions().refresh_session(ask).await)
}

/// What the service says to a token: nothing, or the reason of the refusal.
async fn refusal(identity: &TestIdentity, login: &Login) -> Option<&'static str> {
    answered(identity.tenants().get_tenant(login.says(pb::GetTenantRequest {})).await).err().map(|error| error.reason())
}

on_both!(a_session_is_carried_on_from_token_to_token);
async fn a_session_is_carried_on_from_token_to_token(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let mut token = identity.admin.refresh_token.clone();
    for n in 0..5 {
        identity.wait(9 * 60);
        let next = refresh(&identity, &token, &format!("r{n}")).await.unwrap();
        assert_eq!(next.session_id, identity.admin.session);
        let session = Login { token: next.access_token, ..identity.admin.clone() };
        assert_eq!(refusal(&identity, &session).await, None);
        token = next.refresh_token;
    }
    identity.wait(14 * 24 * 3600);
    assert_eq!(refresh(&identity, &token, "late").await.unwrap_err().reason(), "REFRESH_REFUSED");
}

on_both!(a_lost_answer_is_given_again_and_a_used_token_ends_the_session);
async fn a_lost_answer_is_given_again_and_a_used_token_ends_the_session(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let first = identity.admin.refresh_token.clone();
    let answer = refresh(&identity, &first, "one").await.unwrap();
    assert_eq!(refresh(&identity, &first, "one").await.unwrap(), answer);
    let stolen = refresh(&identity, &first, "two").await.unwrap_err();
    assert_eq!((stolen.kind(), stolen.reason()), (Kind::Unauthenticated, "REFRESH_REUSED"));
    assert_eq!(refresh(&identity, &answer.refresh_token, "three").await.unwrap_err().reason(), "REFRESH_REFUSED");
    assert_eq!(refresh(&identity, &first, "one").await.unwrap_err().reason(), "REFRESH_REFUSED");
    let (old, new) = (identity.admin.clone(), Login { token: answer.access_token, ..identity.admin.clone() });
    assert_eq!(refusal(&identity, &old).await, Some("SESSION_ENDED"));
    assert_eq!(refusal(&identity, &new).await, Some("SESSION_ENDED"), "the thief's and the owner's alike");
    let log = identity.audited().await;
    assert!(log.iter().any(|(action, text)| action == "identity.session.refresh" && text.contains("reused")));
}

on_both!(of_two_refreshes_at_the_same_moment_one_wins);
async fn of_two_refreshes_at_the_same_moment_one_wins(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let token = identity.admin.refresh_token.clone();
    let both = join_all(["a", "b"].map(|id| refresh(&identity, &token, id))).await;
    let won = both.iter().filter(|reply| reply.is_ok()).count();
    assert_eq!(won, 1, "{both:?}");
    let same = identity.sign_in("admin").await;
    let both = join_all(["c", "c"].map(|id| refresh(&identity, &same.refresh_token, id))).await;
    assert_eq!(both[0].as_ref().unwrap(), both[1].as_ref().unwrap());
}

on_both!(a_made_up_refresh_token_is_refused_and_ends_nothing);
async fn a_made_up_refresh_token_is_refused_and_ends_nothing(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let token = &identity.admin.refresh_token;
    let middle = token.len() / 2;
    let bent = format!(
        "{}{}{}",
        &token[..middle],
        if &token[middle..=middle] == "A" { "B" } else { "A" },
        &token[middle + 1..]
    );
    for bad in ["", "x", &token[1..], &bent, &identity.admin.token] {
        assert_eq!(refresh(&identity, bad, "x").await.unwrap_err().reason(), "REFRESH_REFUSED");
    }
    let nameless = refresh(&identity, token, "").await.unwrap_err();
    assert_eq!(nameless.reason(), "INVALID_REQUEST", "without a request_id a lost answer would cost the session");
    assert!(refresh(&identity, token, "y").await.is_ok());
}

on_both!(ones_sessions_are_listed_and_ended_one_by_one_or_all_at_once);
async fn ones_sessions_are_listed_and_ended_one_by_one_or_all_at_once(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let list = async |by: &Login| {
        let page = answered(identity.sessions().list_sessions(by.says(pb::ListSessionsRequest::default())).await);
        page.unwrap().sessions
    };
    identity.wait(1);
    let ask = pb::SignInRequest {
        login: "admin".into(),
        password: PASSWORD.into(),
        client: "a phone".into(),
        ..Default::default()
    };
    let phone = Login::of(answered(identity.sessions().sign_in(ask).await).unwrap());
    let seen = list(&identity.admin).await;
    let told_of: Vec<_> = seen.iter().map(|s| (s.client.as_str(), s.method.as_str(), s.current)).collect();
    assert_eq!(told_of, [("a phone", "password", false), ("", "password", true)]);

    let end = |id: &str| pb::EndSessionRequest { session_id: id.into(), ..Default::default() };
    answered(identity.sessions().end_session(identity.as_admin(end(&phone.session))).await).unwrap();
    assert_eq!(refusal(&identity, &phone).await, Some("SESSION_ENDED"));
    assert_eq!(refresh(&identity, &phone.refresh_token, "x").await.unwrap_err().reason(), "REFRESH_REFUSED");
    let again = answered(identity.sessions().end_session(identity.as_admin(end(&phone.session))).await).unwrap_err();
    assert_eq!(again.kind(), Kind::NotFound);
    assert_eq!(list(&identity.admin).await.len(), 1);

    let others = [identity.sign_in("admin").await, identity.sign_in("admin").await];
    let all = pb::EndAllSessionsRequest::default();
    assert_eq!(answered(identity.sessions().end_all_sessions(identity.as_admin(all)).await).unwrap().ended, 3);
    for login in others.iter().chain([&identity.admin]) {
        assert_eq!(refusal(&identity, login).await, Some("SESSION_ENDED"));
    }
}

on_both!(an_administrator_ends_sessions_in_reach_and_others_are_not_there);
async fn an_administrator_ends_sessions_in_reach_and_others_are_not_there(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "South/Desk")]).await;
    let (north, south) = (identity.login("north", "E1").await, identity.login("south", "E2").await);
    let hr = identity.login("hr", "").await;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("North").await.unit_id).await;
    let all = |of: &Login| pb::EndAllSessionsRequest { principal_id: of.principal.clone(), ..Default::default() };
    let list = |of: &Login| pb::ListSessionsRequest { principal_id: of.principal.clone(), ..Default::default() };
    let seen = answered(identity.sessions().list_sessions(hr.says(list(&north))).await).unwrap().sessions;
    assert_eq!(seen.len(), 1);
    let out = answered(identity.sessions().list_sessions(hr.says(list(&south))).await).unwrap_err();
    assert_eq!(out.kind(), Kind::NotFound);
    let out = answered(identity.sessions().end_all_sessions(hr.says(all(&south))).await).unwrap_err();
    assert_eq!(out.kind(), Kind::NotFound);
    let one = pb::EndSessionRequest { session_id: south.session.clone(), ..Default::default() };
    assert_eq!(answered(identity.sessions().end_session(hr.says(one)).await).unwrap_err().kind(), Kind::NotFound);
    let out = answered(identity.sessions().list_sessions(north.says(list(&hr))).await).unwrap_err();
    assert_eq!(out.kind(), Kind::NotFound, "nobody sees others' without the right");
    assert_eq!(answered(identity.sessions().end_all_sessions(hr.says(all(&north))).await).unwrap().ended, 1);
    assert_eq!(refusal(&identity, &north).await, Some("SESSION_ENDED"));
}

#[tokio::test]
async fn a_services_leased_view_of_an_ended_session_is_gone_when_the_lease_is() {
    let identity = TestIdentity::with_group(Backend::Sqlite).await;
    let (views, claims) = (identity.leased(), identity.admin.claims(&identity));
    let other = identity.sign_in("admin").await;
    assert!(views.view(&claims, false).await.is_ok());
    let end = pb::EndSessionRequest { session_id: identity.admin.session.clone(), ..Default::default() };
    answered(identity.sessions().end_session(other.says(end)).await).unwrap();
    assert_eq!(
        views.view(&claims, true).await.unwrap_err().reason(),
        "SESSION_ENDED",
        "at once where it must be fresh"
    );
    let refused = eventually("the lease ends", async || views.view(&claims, false).await.err()).await;
    assert_eq!((refused.kind(), refused.reason()), (Kind::Unauthenticated, "SESSION_ENDED"));
    assert!(views.view(&other.claims(&identity), false).await.is_ok(), "the other session of the same principal lives");
}

on_both!(an_employment_that_ends_at_midnight_ends_its_sessions_then);
async fn an_employment_that_ends_at_midnight_ends_its_sessions_then(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    // 2026-03-02 in Shanghai until 16:00 UTC.
    let agent = identity.login("agent", "E1").await;
    identity.grant(&agent, "agent", ScopeKind::Self_, "").await;
    let person_id = identity.person("E1").await.person_id;
    let end = pb::EndEmploymentRequest { person_id, last_day: "2026-03-02".into(), ..Default::default() };
    answered(identity.people().end_employment(identity.as_admin(end)).await).unwrap();
    let midnight: jiff::Timestamp = "2026-03-02T16:00:00Z".parse().unwrap();
    let left = midnight.as_second() - identity.clock.now().as_second();
    identity.wait(left - 1);
    let refreshed = refresh(&identity, &agent.refresh_token, "last").await.unwrap();
    let agent = Login { token: refreshed.access_token, ..agent };
    assert_eq!(refusal(&identity, &agent).await, None, "one second before midnight");
    identity.wait(1);
    assert_eq!(refusal(&identity, &agent).await, Some("SESSION_ENDED"));
    assert_eq!(refresh(&identity, &refreshed.refresh_token, "x").await.unwrap_err().reason(), "REFRESH_REFUSED");
    assert_eq!(identity.try_sign_in("agent", PASSWORD).await.unwrap_err().reason(), "EMPLOYMENT_ENDED");
}

on_both!(the_last_administrator_is_not_dismissed);
async fn the_last_administrator_is_not_dismissed(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let boss = identity.login("boss", "E1").await;
    identity.grant(&boss, "group_admin", ScopeKind::Tenant, "").await;
    let grants = pb::ListGrantsRequest { principal_id: identity.admin.principal.clone(), ..Default::default() };
    let first = answered(identity.access().list_grants(identity.as_admin(grants)).await).unwrap().grants.remove(0);
    identity.revoke(&boss, &first).await.unwrap();
    let person_id = answered(identity.people().list_people(boss.says(pb::ListPeopleRequest::default())).await).unwrap();
    let person_id = person_id.people[0].person_id.clone();
    let end = pb::EndEmploymentRequest { person_id, last_day: "2026-04-30".into(), ..Default::default() };
    let refused = answered(identity.people().end_employment(boss.says(end)).await).unwrap_err();
    assert_eq!(refused.reason(), "LAST_ADMINISTRATOR");
}

on_both!(ten_thousand_wrong_passwords_cost_little_and_keep_nobody_out_for_long);
async fn ten_thousand_wrong_passwords_cost_little_and_keep_nobody_out_for_long(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let hundreds = if on == Backend::Sqlite { 100 } else { 10 };
    let before = identity.audited().await.len();
    for _ in 0..hundreds {
        for reply in join_all([0; 100].map(|_| identity.try_sign_in("admin", "wrong wrong wrong"))).await {
            let refused = reply.expect_err("a refusal");
            // What a busy machine does not get to in time is refused as well.
            let late = matches!(refused.kind(), Kind::DeadlineExceeded | Kind::Unavailable | Kind::ResourceExhausted);
            assert!(late || refused.reason() == "SIGN_IN_REFUSED", "{refused:?}");
        }
    }
    // Every try that was looked at left an entry. The first hundred came together; after that nobody was let through.
    let looked_at = identity.audited().await.len() - before;
    assert!((5..=100).contains(&looked_at), "{looked_at}");
    assert_eq!(identity.try_sign_in("admin", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    assert_eq!(identity.audited().await.len() - before, looked_at, "who waits leaves no trace");
    identity.wait(15 * 60);
    assert!(identity.try_sign_in("admin", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_name_that_nobody_has_waits_as_others_do() {
    let identity = TestIdentity::with_group(Backend::Sqlite).await;
    let before = identity.audited().await.len();
    for _ in 0..50 {
        assert_eq!(identity.try_sign_in("nobody", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    }
    assert_eq!(identity.audited().await.len(), before, "nothing is written about names that nobody has");
}

#[tokio::test]
async fn a_database_that_is_away_says_nothing_about_anybodys_token() {
    let identity = TestIdentity::with_group(Backend::Postgres).await;
    let name = identity.db.owner_url.split('?').next().and_then(|url| url.rsplit('/').next()).unwrap();
    let server = Server::shared();
    server.sql(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).unwrap();
    server.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).unwrap();

    let refreshed = refresh(&identity, &identity.admin.refresh_token, "while it is away").await.unwrap_err();
    assert_eq!(refreshed.kind(), Kind::Unavailable, "{refreshed:?}");
    let called = answered(identity.tenants().get_tenant(identity.as_admin(pb::GetTenantRequest {})).await).unwrap_err();
    assert_eq!(called.kind(), Kind::Unavailable, "{called:?}");
    let asked = identity.leased().view(&identity.admin.claims(&identity), true).await.unwrap_err();
    assert_eq!(asked.kind(), Kind::Unavailable, "{asked:?}");

    server.sql(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).unwrap();
    eventually("it is back", async || refresh(&identity, &identity.admin.refresh_token, "back").await.ok()).await;
}
