//! Invitations, and passwords that were forgotten, over the rpcs.

use tally_api::identity::v1 as pb;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{PASSWORD, TestIdentity, answered, person_row};
use crate::logins::sign_in;

const OTHER: &str = "seven bridges and a lake";

async fn ask(identity: &TestIdentity, login: &str) {
    let ask = pb::RequestPasswordResetRequest { login: login.into(), ..Default::default() };
    answered(identity.logins().request_password_reset(ask).await).unwrap();
}

async fn listed(identity: &TestIdentity, login: &str) -> pb::Login {
    let admin = identity.sign_in("admin").await;
    let all = answered(identity.logins().list_logins(admin.says(pb::ListLoginsRequest::default())).await).unwrap();
    all.logins.into_iter().find(|it| it.login == login).unwrap()
}

on_both!(who_is_invited_chooses_a_password_within_a_week_and_once);
async fn who_is_invited_chooses_a_password_within_a_week_and_once(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let invite = async |login: &str| {
        let admin = identity.sign_in("admin").await;
        let ask = pb::CreateLoginRequest { login: login.into(), ..Default::default() };
        answered(identity.sessions().create_login(admin.says(ask)).await).unwrap()
    };
    let made = invite("new").await;
    assert!(made.one_time_password.len() >= 20 && made.expires_at.is_some(), "{made:?}");
    assert_eq!(listed(&identity, "new").await.one_time_until, made.expires_at);
    let first = &made.one_time_password;
    assert_eq!(sign_in(&identity, "new", first, "", "").await.unwrap_err().reason(), "PASSWORD_MUST_CHANGE");
    assert_eq!(sign_in(&identity, "new", first, "", "password1234").await.unwrap_err().reason(), "PASSWORD_WEAK");
    sign_in(&identity, "new", first, "", OTHER).await.unwrap();
    assert_eq!(sign_in(&identity, "new", first, "", OTHER).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    assert_eq!(listed(&identity, "new").await.one_time_until, None);
    let late = invite("late").await.one_time_password;
    identity.wait(7 * 24 * 3600);
    assert_eq!(sign_in(&identity, "late", &late, "", OTHER).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    // A login with a password of its own has no other.
    let ask = pb::CreateLoginRequest { login: "own".into(), password: PASSWORD.into(), ..Default::default() };
    let admin = identity.sign_in("admin").await;
    let own = answered(identity.sessions().create_login(admin.says(ask)).await).unwrap();
    assert_eq!((own.one_time_password.as_str(), own.expires_at), ("", None));
}

on_both!(who_forgot_a_password_is_noted_until_there_is_another_one);
async fn who_forgot_a_password_is_noted_until_there_is_another_one(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let hr = identity.login("hr", "").await;
    assert_eq!(listed(&identity, "hr").await.reset_asked_at, None);
    // Nobody learns which names there are, and nothing is written for those that there are not.
    for name in ["nobody", &"x".repeat(200)] {
        ask(&identity, name).await;
    }
    for wrong in ["", " ", &"x".repeat(201)] {
        let ask = pb::RequestPasswordResetRequest { login: wrong.into(), ..Default::default() };
        let refused = answered(identity.logins().request_password_reset(ask).await).unwrap_err();
        assert_eq!(refused.violations().first().map(|it| it.field.as_str()), Some("login"), "{wrong}");
    }
    ask(&identity, "hr").await;
    let first = listed(&identity, "hr").await.reset_asked_at;
    assert!(first.is_some());
    identity.wait(60);
    ask(&identity, "HR").await;
    assert_eq!(listed(&identity, "hr").await.reset_asked_at, first, "asked once until it is answered");
    assert!(identity.try_sign_in("hr", PASSWORD).await.is_ok(), "asking changes nothing");
    assert_eq!(listed(&identity, "hr").await.reset_asked_at, None, "who signs in has found it");
    ask(&identity, "hr").await;
    let admin = identity.sign_in("admin").await;
    let answer = pb::ResetPasswordRequest { principal_id: hr.principal.clone(), ..Default::default() };
    let done = answered(identity.logins().reset_password(admin.says(answer)).await).unwrap();
    let waiting = listed(&identity, "hr").await;
    assert_eq!((waiting.reset_asked_at, waiting.one_time_until), (None, done.expires_at));
    // Whoever was given one and asks again is noted again.
    ask(&identity, "hr").await;
    assert!(listed(&identity, "hr").await.reset_asked_at.is_some());
    sign_in(&identity, "hr", &done.one_time_password, "", OTHER).await.unwrap();
    assert_eq!(listed(&identity, "hr").await.reset_asked_at, None);
}

on_both!(who_works_here_no_more_is_not_noted);
async fn who_works_here_no_more_is_not_noted(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let left = pb::PersonRow { left_on: "2026-01-31".into(), ..person_row("E1", "North/Sales/A") };
    identity.import_people(vec![left]).await;
    let person_id = identity.person("E1").await.person_id;
    let made =
        pb::CreateLoginRequest { login: "gone".into(), person_id, password: PASSWORD.into(), ..Default::default() };
    answered(identity.sessions().create_login(identity.as_admin(made)).await).unwrap();
    ask(&identity, "gone").await;
    assert_eq!(listed(&identity, "gone").await.reset_asked_at, None);
}
