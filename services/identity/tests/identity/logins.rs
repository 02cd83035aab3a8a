//! Passwords that change, and second factors, over the rpcs.

use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, PASSWORD, Reply, TestIdentity, answered, person_row};

const OTHER: &str = "seven bridges and a lake";

pub(crate) async fn sign_in(
    identity: &TestIdentity,
    login: &str,
    password: &str,
    code: &str,
    new: &str,
) -> Reply<pb::SignInResponse> {
    let ask = pb::SignInRequest {
        login: login.into(),
        password: password.into(),
        code: code.into(),
        new_password: new.into(),
        ..Default::default()
    };
    answered(identity.sessions().sign_in(ask).await)
}

async fn change(identity: &TestIdentity, by: &Login, old: &str, new: &str) -> Reply<pb::ChangePasswordResponse> {
    let ask = pb::ChangePasswordRequest { old_password: old.into(), new_password: new.into(), ..Default::default() };
    answered(identity.logins().change_password(by.says(ask)).await)
}

async fn reset(identity: &TestIdentity, by: &Login, of: &Login, factor: bool) -> Reply<pb::ResetPasswordResponse> {
    let ask = pb::ResetPasswordRequest {
        principal_id: of.principal.clone(),
        remove_second_factor: factor,
        ..Default::default()
    };
    answered(identity.logins().reset_password(by.says(ask)).await)
}

async fn alive(identity: &TestIdentity, login: &Login) -> bool {
    identity.sessions().list_sessions(login.says(pb::ListSessionsRequest::default())).await.is_ok()
}

on_both!(a_password_is_changed_with_the_old_one_and_other_sessions_end);
async fn a_password_is_changed_with_the_old_one_and_other_sessions_end(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let other = identity.sign_in("admin").await;
    assert_eq!(
        change(&identity, &identity.admin, "wrong wrong wrong", OTHER).await.unwrap_err().reason(),
        "SIGN_IN_REFUSED"
    );
    assert_eq!(
        change(&identity, &identity.admin, PASSWORD, "password1234").await.unwrap_err().reason(),
        "PASSWORD_WEAK"
    );
    change(&identity, &identity.admin, PASSWORD, OTHER).await.unwrap();
    assert!(alive(&identity, &identity.admin).await && !alive(&identity, &other).await);
    assert_eq!(identity.try_sign_in("admin", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    assert!(identity.try_sign_in("admin", OTHER).await.is_ok());
    for _ in 0..5 {
        change(&identity, &identity.admin, "wrong wrong wrong", PASSWORD).await.unwrap_err();
    }
    let late = change(&identity, &identity.admin, OTHER, PASSWORD).await.unwrap_err();
    assert_eq!(late.reason(), "SIGN_IN_REFUSED", "a stolen session does not guess passwords");
}

on_both!(a_weak_first_password_is_refused_wherever_it_is_chosen);
async fn a_weak_first_password_is_refused_wherever_it_is_chosen(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity
        .import_people(vec![pb::PersonRow { name: "Wang Xiaoming".into(), ..person_row("E1", "North/Sales/A") }])
        .await;
    let person_id = identity.person("E1").await.person_id;
    for weak in ["wangxiaoming1", "password1234", "qwertyuiop12"] {
        let ask = pb::CreateLoginRequest {
            login: "wang".into(),
            password: weak.into(),
            person_id: person_id.clone(),
            ..Default::default()
        };
        let refused = answered(identity.sessions().create_login(identity.as_admin(ask)).await).unwrap_err();
        assert_eq!((refused.kind(), refused.reason()), (Kind::InvalidArgument, "PASSWORD_WEAK"), "{weak}");
    }
    let identity = TestIdentity::empty(on).await;
    let weak = pb::InitTenantRequest { admin_password: "administrator1".into(), ..crate::fixture::init_request() };
    assert_eq!(answered(identity.tenants().init_tenant(weak).await).unwrap_err().reason(), "PASSWORD_WEAK");
}

on_both!(a_reset_gives_a_password_for_one_sign_in);
async fn a_reset_gives_a_password_for_one_sign_in(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let hr = identity.login("hr", "").await;
    let done = reset(&identity, &identity.admin, &hr, false).await.unwrap();
    assert!(!alive(&identity, &hr).await);
    assert_eq!(identity.try_sign_in("hr", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    let first = &done.one_time_password;
    assert_eq!(sign_in(&identity, "hr", first, "", "").await.unwrap_err().reason(), "PASSWORD_MUST_CHANGE");
    assert_eq!(sign_in(&identity, "hr", first, "", "password1234").await.unwrap_err().reason(), "PASSWORD_WEAK");
    sign_in(&identity, "hr", first, "", OTHER).await.unwrap();
    assert_eq!(sign_in(&identity, "hr", first, "", OTHER).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    assert!(identity.try_sign_in("hr", OTHER).await.is_ok());
    let late = reset(&identity, &identity.admin, &hr, false).await.unwrap().one_time_password;
    identity.wait(72 * 3600);
    let admin = identity.sign_in("admin").await;
    assert_eq!(sign_in(&identity, "hr", &late, "", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    let own = reset(&identity, &admin, &admin, false).await.unwrap_err();
    assert_eq!(own.reason(), "RESET_ONESELF");
}

on_both!(nobody_climbs_by_resetting_the_password_of_somebody_who_holds_more);
async fn nobody_climbs_by_resetting_the_password_of_somebody_who_holds_more(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "South/Desk")]).await;
    let (agent, far) = (identity.login("agent", "E1").await, identity.login("far", "E2").await);
    let hr = identity.login("hr", "").await;
    let north = identity.unit("North").await.unit_id;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &north).await;
    identity.grant(&agent, "agent", ScopeKind::Self_, "").await;
    assert!(reset(&identity, &hr, &agent, false).await.is_ok());
    assert_eq!(reset(&identity, &hr, &far, false).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(reset(&identity, &hr, &identity.admin, false).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(reset(&identity, &far, &agent, false).await.unwrap_err().kind(), Kind::PermissionDenied);
    identity.grant(&agent, "compensation_specialist", ScopeKind::Subtree, &north).await;
    let refused = reset(&identity, &hr, &agent, false).await.unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (Kind::PermissionDenied, "LOGIN_HOLDS_MORE"));
    assert!(reset(&identity, &identity.admin, &agent, false).await.is_ok(), "who may give any role may act for it");
}

/// The code that an authenticator with this secret shows now, or so many steps later.
pub(crate) fn code(identity: &TestIdentity, secret: &str, steps: u64) -> String {
    let bits: Vec<u8> = secret.bytes().map(|c| if c.is_ascii_digit() { c - b'2' + 26 } else { c - b'A' }).collect();
    let bytes: Vec<u8> = bits
        .chunks_exact(8)
        .flat_map(|eight| eight.iter().fold(0_u64, |all, five| all << 5 | u64::from(*five)).to_be_bytes()[3..].to_vec())
        .collect();
    let step = u64::try_from(identity.clock.now().as_second()).unwrap() / 30 + steps;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

pub(crate) async fn enrolled(identity: &TestIdentity) -> (String, Vec<String>) {
    let begun =
        answered(identity.logins().enroll_totp(identity.as_admin(pb::EnrollTotpRequest::default())).await).unwrap();
    assert!(begun.uri.starts_with("otpauth://totp/Demo:admin?secret="), "{}", begun.uri);
    assert!(identity.try_sign_in("admin", PASSWORD).await.is_ok(), "nothing asks for a code before it is confirmed");
    let confirm = |code: String| pb::ConfirmTotpRequest { code, ..Default::default() };
    let wrong = answered(identity.logins().confirm_totp(identity.as_admin(confirm("x".into()))).await).unwrap_err();
    assert_eq!(wrong.reason(), "SECOND_FACTOR_WRONG");
    let good = code(identity, &begun.secret, 0);
    let codes =
        answered(identity.logins().confirm_totp(identity.as_admin(confirm(good))).await).unwrap().recovery_codes;
    assert_eq!(codes.len(), 10);
    (begun.secret, codes)
}

on_both!(a_second_factor_is_asked_for_and_each_code_is_taken_once);
async fn a_second_factor_is_asked_for_and_each_code_is_taken_once(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let (secret, recovery) = enrolled(&identity).await;
    assert_eq!(identity.try_sign_in("admin", PASSWORD).await.unwrap_err().reason(), "SECOND_FACTOR_NEEDED");
    let used = code(&identity, &secret, 0);
    assert_eq!(
        sign_in(&identity, "admin", PASSWORD, &used, "").await.unwrap_err().reason(),
        "SIGN_IN_REFUSED",
        "taken by the confirmation"
    );
    let next = code(&identity, &secret, 1);
    sign_in(&identity, "admin", PASSWORD, &next, "").await.unwrap();
    assert!(sign_in(&identity, "admin", PASSWORD, &next, "").await.is_err());
    sign_in(&identity, "admin", PASSWORD, &recovery[2], "").await.unwrap();
    assert!(sign_in(&identity, "admin", PASSWORD, &recovery[2], "").await.is_err());
    let wrong_password = sign_in(&identity, "admin", "wrong wrong wrong", &recovery[3], "").await.unwrap_err();
    assert_eq!(wrong_password.reason(), "SIGN_IN_REFUSED");
    sign_in(&identity, "admin", PASSWORD, &recovery[3], "").await.unwrap();
    let again =
        answered(identity.logins().enroll_totp(identity.as_admin(pb::EnrollTotpRequest::default())).await).unwrap_err();
    assert_eq!(again.reason(), "SECOND_FACTOR_ALREADY_EXISTS");
}

on_both!(whoever_has_the_password_is_not_free_to_guess_codes);
async fn whoever_has_the_password_is_not_free_to_guess_codes(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let (_, recovery) = enrolled(&identity).await;
    for _ in 0..5 {
        assert_eq!(identity.try_sign_in("admin", PASSWORD).await.unwrap_err().reason(), "SECOND_FACTOR_NEEDED");
        assert!(sign_in(&identity, "admin", PASSWORD, "000000", "").await.is_err());
    }
    let waits = sign_in(&identity, "admin", PASSWORD, &recovery[0], "").await.unwrap_err();
    assert_eq!(waits.reason(), "SIGN_IN_REFUSED");
    identity.wait(180);
    assert!(sign_in(&identity, "admin", PASSWORD, &recovery[0], "").await.is_ok());
}

on_both!(a_second_factor_goes_with_a_code_or_with_a_reset);
async fn a_second_factor_goes_with_a_code_or_with_a_reset(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let (_, recovery) = enrolled(&identity).await;
    let remove = |code: &str| pb::RemoveTotpRequest { code: code.into(), ..Default::default() };
    let told_remove = async |code: &str| answered(identity.logins().remove_totp(identity.as_admin(remove(code))).await);
    assert_eq!(told_remove("").await.unwrap_err().reason(), "SECOND_FACTOR_NEEDED");
    assert_eq!(told_remove("000000").await.unwrap_err().reason(), "SECOND_FACTOR_WRONG");
    told_remove(&recovery[0]).await.unwrap();
    assert_eq!(told_remove(&recovery[1]).await.unwrap_err().reason(), "SECOND_FACTOR_MISSING");
    assert!(identity.try_sign_in("admin", PASSWORD).await.is_ok());

    let _lost = enrolled(&identity).await;
    let second = identity.login("second", "").await;
    identity.grant(&second, "group_admin", ScopeKind::Tenant, "").await;
    let first = reset(&identity, &second, &identity.admin, false).await.unwrap().one_time_password;
    assert_eq!(sign_in(&identity, "admin", &first, "", OTHER).await.unwrap_err().reason(), "SECOND_FACTOR_NEEDED");
    let first = reset(&identity, &second, &identity.admin, true).await.unwrap().one_time_password;
    sign_in(&identity, "admin", &first, "", OTHER).await.unwrap();
}

#[tokio::test]
async fn no_secret_of_a_second_factor_or_a_password_is_in_the_audit_log() {
    let identity = TestIdentity::with_group(Backend::Sqlite).await;
    let (secret, recovery) = enrolled(&identity).await;
    let hr = identity.login("hr", "").await;
    let first = reset(&identity, &identity.admin, &hr, false).await.unwrap().one_time_password;
    let log = format!("{:?}", identity.audited().await);
    for hidden in [&secret, &recovery[0], &first, &identity.admin.refresh_token] {
        assert!(!log.contains(hidden.as_str()));
    }
    assert!(log.contains("identity.password.reset") && log.contains("identity.second_factor.confirm"));
}
