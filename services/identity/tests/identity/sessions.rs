//! Sessions: refresh, reuse, lists, ends, and what a stolen or forged token is good for.

use futures::future::join_all;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_rpc::Views as _;
use tally_testkit::eventually;
use tally_testkit::postgres::Server;

use crate::house::{House, Login, PASSWORD, Told, person_row, told};

async fn refresh(house: &House, token: &str, request_id: &str) -> Told<pb::RefreshSessionResponse> {
    let ask = pb::RefreshSessionRequest { request_id: request_id.into(), refresh_token: token.into() };
    told(house.sessions().refresh_session(ask).await)
}

/// What the service says to a token: nothing, or the reason of the refusal.
async fn refusal(house: &House, login: &Login) -> Option<&'static str> {
    told(house.tenants().get_tenant(login.says(pb::GetTenantRequest {})).await).err().map(|error| error.reason())
}

#[tokio::test]
async fn a_session_is_carried_on_from_token_to_token() {
    for house in House::all().await {
        let mut token = house.admin.refresh_token.clone();
        for n in 0..5 {
            house.wait(9 * 60);
            let next = refresh(&house, &token, &format!("r{n}")).await.unwrap();
            assert_eq!(next.session_id, house.admin.session, "{}", house.db.name);
            let session = Login { token: next.access_token, ..house.admin.clone() };
            assert_eq!(refusal(&house, &session).await, None);
            token = next.refresh_token;
        }
        house.wait(14 * 24 * 3600);
        assert_eq!(refresh(&house, &token, "late").await.unwrap_err().reason(), "REFRESH_REFUSED");
    }
}

#[tokio::test]
async fn a_lost_answer_is_given_again_and_a_used_token_ends_the_session() {
    for house in House::all().await {
        let first = house.admin.refresh_token.clone();
        let answer = refresh(&house, &first, "one").await.unwrap();
        assert_eq!(refresh(&house, &first, "one").await.unwrap(), answer, "{}", house.db.name);
        let stolen = refresh(&house, &first, "two").await.unwrap_err();
        assert_eq!((stolen.kind(), stolen.reason()), (Kind::Unauthenticated, "REFRESH_REUSED"));
        assert_eq!(refresh(&house, &answer.refresh_token, "three").await.unwrap_err().reason(), "REFRESH_REFUSED");
        assert_eq!(refresh(&house, &first, "one").await.unwrap_err().reason(), "REFRESH_REFUSED");
        let (old, new) = (house.admin.clone(), Login { token: answer.access_token, ..house.admin.clone() });
        assert_eq!(refusal(&house, &old).await, Some("SESSION_ENDED"));
        assert_eq!(refusal(&house, &new).await, Some("SESSION_ENDED"), "the thief's and the owner's alike");
        let log = house.audited().await;
        assert!(log.iter().any(|(action, text)| action == "identity.session.refresh" && text.contains("reused")));
    }
}

#[tokio::test]
async fn of_two_refreshes_at_the_same_moment_one_wins() {
    for house in House::all().await {
        let token = house.admin.refresh_token.clone();
        let both = join_all(["a", "b"].map(|id| refresh(&house, &token, id))).await;
        let won = both.iter().filter(|reply| reply.is_ok()).count();
        assert_eq!(won, 1, "{}: {both:?}", house.db.name);
        let same = house.sign_in("admin").await;
        let both = join_all(["c", "c"].map(|id| refresh(&house, &same.refresh_token, id))).await;
        assert_eq!(both[0].as_ref().unwrap(), both[1].as_ref().unwrap(), "{}", house.db.name);
    }
}

#[tokio::test]
async fn a_made_up_refresh_token_is_refused_and_ends_nothing() {
    for house in House::all().await {
        let token = &house.admin.refresh_token;
        let middle = token.len() / 2;
        let bent = format!(
            "{}{}{}",
            &token[..middle],
            if &token[middle..=middle] == "A" { "B" } else { "A" },
            &token[middle + 1..]
        );
        for bad in ["", "x", &token[1..], &bent, &house.admin.token] {
            assert_eq!(refresh(&house, bad, "x").await.unwrap_err().reason(), "REFRESH_REFUSED", "{}", house.db.name);
        }
        let nameless = refresh(&house, token, "").await.unwrap_err();
        assert_eq!(nameless.reason(), "INVALID_REQUEST", "without a request_id a lost answer would cost the session");
        assert!(refresh(&house, token, "y").await.is_ok());
    }
}

#[tokio::test]
async fn ones_sessions_are_listed_and_ended_one_by_one_or_all_at_once() {
    for house in House::all().await {
        let list = async |by: &Login| {
            let page = told(house.sessions().list_sessions(by.says(pb::ListSessionsRequest::default())).await);
            page.unwrap().sessions
        };
        house.wait(1);
        let ask = pb::SignInRequest {
            login: "admin".into(),
            password: PASSWORD.into(),
            client: "a phone".into(),
            ..Default::default()
        };
        let phone = Login::of(told(house.sessions().sign_in(ask).await).unwrap());
        let seen = list(&house.admin).await;
        let told_of: Vec<_> = seen.iter().map(|s| (s.client.as_str(), s.method.as_str(), s.current)).collect();
        assert_eq!(told_of, [("a phone", "password", false), ("", "password", true)], "{}", house.db.name);

        let end = |id: &str| pb::EndSessionRequest { request_id: String::new(), session_id: id.into() };
        told(house.sessions().end_session(house.as_admin(end(&phone.session))).await).unwrap();
        assert_eq!(refusal(&house, &phone).await, Some("SESSION_ENDED"));
        assert_eq!(refresh(&house, &phone.refresh_token, "x").await.unwrap_err().reason(), "REFRESH_REFUSED");
        let again = told(house.sessions().end_session(house.as_admin(end(&phone.session))).await).unwrap_err();
        assert_eq!(again.kind(), Kind::NotFound);
        assert_eq!(list(&house.admin).await.len(), 1);

        let others = [house.sign_in("admin").await, house.sign_in("admin").await];
        let all = pb::EndAllSessionsRequest::default();
        assert_eq!(told(house.sessions().end_all_sessions(house.as_admin(all)).await).unwrap().ended, 3);
        for login in others.iter().chain([&house.admin]) {
            assert_eq!(refusal(&house, login).await, Some("SESSION_ENDED"), "{}", house.db.name);
        }
    }
}

#[tokio::test]
async fn an_administrator_ends_sessions_in_reach_and_others_are_not_there() {
    for house in House::with_company().await {
        house.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "South/Desk")]).await;
        let (north, south) = (house.login("north", "E1").await, house.login("south", "E2").await);
        let hr = house.login("hr", "").await;
        house.grant(&hr, "branch_hr", ScopeKind::Subtree, &house.unit("North").await.unit_id).await;
        let all =
            |of: &Login| pb::EndAllSessionsRequest { request_id: String::new(), principal_id: of.principal.clone() };
        let list = |of: &Login| pb::ListSessionsRequest { principal_id: of.principal.clone(), ..Default::default() };
        let seen = told(house.sessions().list_sessions(hr.says(list(&north))).await).unwrap().sessions;
        assert_eq!(seen.len(), 1, "{}", house.db.name);
        let out = told(house.sessions().list_sessions(hr.says(list(&south))).await).unwrap_err();
        assert_eq!(out.kind(), Kind::NotFound);
        let out = told(house.sessions().end_all_sessions(hr.says(all(&south))).await).unwrap_err();
        assert_eq!(out.kind(), Kind::NotFound);
        let one = pb::EndSessionRequest { request_id: String::new(), session_id: south.session.clone() };
        assert_eq!(told(house.sessions().end_session(hr.says(one)).await).unwrap_err().kind(), Kind::NotFound);
        let out = told(house.sessions().list_sessions(north.says(list(&hr))).await).unwrap_err();
        assert_eq!(out.kind(), Kind::NotFound, "nobody sees others' without the right");
        assert_eq!(told(house.sessions().end_all_sessions(hr.says(all(&north))).await).unwrap().ended, 1);
        assert_eq!(refusal(&house, &north).await, Some("SESSION_ENDED"), "{}", house.db.name);
    }
}

#[tokio::test]
async fn a_services_leased_view_of_an_ended_session_is_gone_when_the_lease_is() {
    let house = House::all().await.remove(0);
    let (views, claims) = (house.leased(), house.admin.claims(&house));
    let other = house.sign_in("admin").await;
    assert!(views.view(&claims, false).await.is_ok());
    let end = pb::EndSessionRequest { request_id: String::new(), session_id: house.admin.session.clone() };
    told(house.sessions().end_session(other.says(end)).await).unwrap();
    assert_eq!(
        views.view(&claims, true).await.unwrap_err().reason(),
        "SESSION_ENDED",
        "at once where it must be fresh"
    );
    let refused = eventually("the lease ends", async || views.view(&claims, false).await.err()).await;
    assert_eq!((refused.kind(), refused.reason()), (Kind::Unauthenticated, "SESSION_ENDED"));
    assert!(views.view(&other.claims(&house), false).await.is_ok(), "the other session of the same principal lives");
}

#[tokio::test]
async fn an_employment_that_ends_at_midnight_ends_its_sessions_then() {
    for house in House::with_company().await {
        house.import_people(vec![person_row("E1", "North/Sales/A")]).await;
        // 2026-03-02 in Shanghai until 16:00 UTC.
        let agent = house.login("agent", "E1").await;
        house.grant(&agent, "agent", ScopeKind::Self_, "").await;
        let person_id = house.person("E1").await.person_id;
        let end = pb::EndEmploymentRequest { request_id: String::new(), person_id, last_day: "2026-03-02".into() };
        told(house.people().end_employment(house.as_admin(end)).await).unwrap();
        let midnight: jiff::Timestamp = "2026-03-02T16:00:00Z".parse().unwrap();
        let left = midnight.as_second() - house.clock.now().as_second();
        house.wait(left - 1);
        let refreshed = refresh(&house, &agent.refresh_token, "last").await.unwrap();
        let agent = Login { token: refreshed.access_token, ..agent };
        assert_eq!(refusal(&house, &agent).await, None, "{}: one second before midnight", house.db.name);
        house.wait(1);
        assert_eq!(refusal(&house, &agent).await, Some("SESSION_ENDED"), "{}", house.db.name);
        assert_eq!(refresh(&house, &refreshed.refresh_token, "x").await.unwrap_err().reason(), "REFRESH_REFUSED");
        assert_eq!(house.try_sign_in("agent", PASSWORD).await.unwrap_err().reason(), "EMPLOYMENT_ENDED");
    }
}

#[tokio::test]
async fn the_last_administrator_is_not_dismissed() {
    for house in House::with_company().await {
        house.import_people(vec![person_row("E1", "North/Sales/A")]).await;
        let boss = house.login("boss", "E1").await;
        house.grant(&boss, "group_admin", ScopeKind::Tenant, "").await;
        let grants = pb::ListGrantsRequest { principal_id: house.admin.principal.clone(), ..Default::default() };
        let first = told(house.access().list_grants(house.as_admin(grants)).await).unwrap().grants.remove(0);
        house.revoke(&boss, &first).await.unwrap();
        let person_id = told(house.people().list_people(boss.says(pb::ListPeopleRequest::default())).await).unwrap();
        let person_id = person_id.people[0].person_id.clone();
        let end = pb::EndEmploymentRequest { request_id: String::new(), person_id, last_day: "2026-04-30".into() };
        let refused = told(house.people().end_employment(boss.says(end)).await).unwrap_err();
        assert_eq!(refused.reason(), "LAST_ADMINISTRATOR", "{}", house.db.name);
    }
}

#[tokio::test]
async fn ten_thousand_wrong_passwords_cost_little_and_keep_nobody_out_for_long() {
    for (house, hundreds) in House::all().await.into_iter().zip([100, 10]) {
        let before = house.audited().await.len();
        for _ in 0..hundreds {
            let tries = join_all([0; 100].map(|_| house.try_sign_in("admin", "wrong wrong wrong"))).await;
            assert!(tries.iter().all(|reply| reply.as_ref().is_err_and(|e| e.reason() == "SIGN_IN_REFUSED")));
        }
        // Every try that was looked at left an entry. The first hundred came together; after that nobody was let through.
        let looked_at = house.audited().await.len() - before;
        assert!((5..=100).contains(&looked_at), "{}: {looked_at}", house.db.name);
        assert_eq!(house.try_sign_in("admin", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
        assert_eq!(house.audited().await.len() - before, looked_at, "who waits leaves no trace");
        house.wait(15 * 60);
        assert!(house.try_sign_in("admin", PASSWORD).await.is_ok(), "{}", house.db.name);
    }
}

#[tokio::test]
async fn a_name_that_nobody_has_waits_as_others_do() {
    let house = House::all().await.remove(0);
    let before = house.audited().await.len();
    for _ in 0..50 {
        assert_eq!(house.try_sign_in("nobody", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    }
    assert_eq!(house.audited().await.len(), before, "nothing is written about names that nobody has");
}

#[tokio::test]
async fn a_database_that_is_away_says_nothing_about_anybodys_token() {
    let house = House::all().await.into_iter().find(|house| house.db.name == "postgres").unwrap();
    let name = house.db.owner_url.split('?').next().and_then(|url| url.rsplit('/').next()).unwrap();
    let server = Server::shared();
    server.sql(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).unwrap();
    server.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).unwrap();

    let refreshed = refresh(&house, &house.admin.refresh_token, "while it is away").await.unwrap_err();
    assert_eq!(refreshed.kind(), Kind::Unavailable, "{refreshed:?}");
    let called = told(house.tenants().get_tenant(house.as_admin(pb::GetTenantRequest {})).await).unwrap_err();
    assert_eq!(called.kind(), Kind::Unavailable, "{called:?}");
    let asked = house.leased().view(&house.admin.claims(&house), true).await.unwrap_err();
    assert_eq!(asked.kind(), Kind::Unavailable, "{asked:?}");

    server.sql(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).unwrap();
    eventually("it is back", async || refresh(&house, &house.admin.refresh_token, "back").await.ok()).await;
}
