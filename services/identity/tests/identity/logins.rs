//! Passwords that change, and second factors, over the rpcs.

use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;

use crate::house::{House, Login, PASSWORD, Told, person_row, told};

const OTHER: &str = "seven bridges and a lake";

pub(crate) async fn sign_in(
    house: &House,
    login: &str,
    password: &str,
    code: &str,
    new: &str,
) -> Told<pb::SignInResponse> {
    let ask = pb::SignInRequest {
        login: login.into(),
        password: password.into(),
        code: code.into(),
        new_password: new.into(),
        ..Default::default()
    };
    told(house.sessions().sign_in(ask).await)
}

async fn change(house: &House, by: &Login, old: &str, new: &str) -> Told<pb::ChangePasswordResponse> {
    let ask =
        pb::ChangePasswordRequest { request_id: String::new(), old_password: old.into(), new_password: new.into() };
    told(house.logins().change_password(by.says(ask)).await)
}

async fn reset(house: &House, by: &Login, of: &Login, factor: bool) -> Told<pb::ResetPasswordResponse> {
    let ask = pb::ResetPasswordRequest {
        request_id: String::new(),
        principal_id: of.principal.clone(),
        remove_second_factor: factor,
    };
    told(house.logins().reset_password(by.says(ask)).await)
}

async fn alive(house: &House, login: &Login) -> bool {
    house.sessions().list_sessions(login.says(pb::ListSessionsRequest::default())).await.is_ok()
}

#[tokio::test]
async fn a_password_is_changed_with_the_old_one_and_other_sessions_end() {
    for house in House::all().await {
        let other = house.sign_in("admin").await;
        assert_eq!(
            change(&house, &house.admin, "wrong wrong wrong", OTHER).await.unwrap_err().reason(),
            "SIGN_IN_REFUSED"
        );
        assert_eq!(change(&house, &house.admin, PASSWORD, "password1234").await.unwrap_err().reason(), "PASSWORD_WEAK");
        change(&house, &house.admin, PASSWORD, OTHER).await.unwrap();
        assert!(alive(&house, &house.admin).await && !alive(&house, &other).await, "{}", house.db.name);
        assert_eq!(house.try_sign_in("admin", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
        assert!(house.try_sign_in("admin", OTHER).await.is_ok());
        for _ in 0..5 {
            change(&house, &house.admin, "wrong wrong wrong", PASSWORD).await.unwrap_err();
        }
        let late = change(&house, &house.admin, OTHER, PASSWORD).await.unwrap_err();
        assert_eq!(late.reason(), "SIGN_IN_REFUSED", "a stolen session does not guess passwords: {}", house.db.name);
    }
}

#[tokio::test]
async fn a_weak_first_password_is_refused_wherever_it_is_chosen() {
    for house in House::with_company().await {
        house
            .import_people(vec![pb::PersonRow { name: "Wang Xiaoming".into(), ..person_row("E1", "North/Sales/A") }])
            .await;
        let person_id = house.person("E1").await.person_id;
        for weak in ["wangxiaoming1", "password1234", "qwertyuiop12"] {
            let ask = pb::CreateLoginRequest {
                request_id: String::new(),
                login: "wang".into(),
                password: weak.into(),
                person_id: person_id.clone(),
            };
            let refused = told(house.sessions().create_login(house.as_admin(ask)).await).unwrap_err();
            assert_eq!((refused.kind(), refused.reason()), (Kind::InvalidArgument, "PASSWORD_WEAK"), "{weak}");
        }
    }
    let house = House::empty().await.remove(0);
    let weak = pb::InitTenantRequest { admin_password: "administrator1".into(), ..crate::house::init_request() };
    assert_eq!(told(house.tenants().init_tenant(weak).await).unwrap_err().reason(), "PASSWORD_WEAK");
}

#[tokio::test]
async fn a_reset_gives_a_password_for_one_sign_in() {
    for house in House::all().await {
        let hr = house.login("hr", "").await;
        let done = reset(&house, &house.admin, &hr, false).await.unwrap();
        assert!(!alive(&house, &hr).await, "{}", house.db.name);
        assert_eq!(house.try_sign_in("hr", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
        let first = &done.one_time_password;
        assert_eq!(sign_in(&house, "hr", first, "", "").await.unwrap_err().reason(), "PASSWORD_MUST_CHANGE");
        assert_eq!(sign_in(&house, "hr", first, "", "password1234").await.unwrap_err().reason(), "PASSWORD_WEAK");
        sign_in(&house, "hr", first, "", OTHER).await.unwrap();
        assert_eq!(sign_in(&house, "hr", first, "", OTHER).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
        assert!(house.try_sign_in("hr", OTHER).await.is_ok());
        let late = reset(&house, &house.admin, &hr, false).await.unwrap().one_time_password;
        house.wait(72 * 3600);
        let admin = house.sign_in("admin").await;
        assert_eq!(sign_in(&house, "hr", &late, "", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
        let own = reset(&house, &admin, &admin, false).await.unwrap_err();
        assert_eq!(own.reason(), "RESET_ONESELF");
    }
}

#[tokio::test]
async fn nobody_climbs_by_resetting_the_password_of_somebody_who_holds_more() {
    for house in House::with_company().await {
        house.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "South/Desk")]).await;
        let (agent, far) = (house.login("agent", "E1").await, house.login("far", "E2").await);
        let hr = house.login("hr", "").await;
        let north = house.unit("North").await.unit_id;
        house.grant(&hr, "branch_hr", ScopeKind::Subtree, &north).await;
        house.grant(&agent, "agent", ScopeKind::Self_, "").await;
        assert!(reset(&house, &hr, &agent, false).await.is_ok(), "{}", house.db.name);
        assert_eq!(reset(&house, &hr, &far, false).await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(reset(&house, &hr, &house.admin, false).await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(reset(&house, &far, &agent, false).await.unwrap_err().kind(), Kind::PermissionDenied);
        house.grant(&agent, "compensation_specialist", ScopeKind::Subtree, &north).await;
        let refused = reset(&house, &hr, &agent, false).await.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.reason()),
            (Kind::PermissionDenied, "LOGIN_HOLDS_MORE"),
            "{}",
            house.db.name
        );
        assert!(reset(&house, &house.admin, &agent, false).await.is_ok(), "who may give any role may act for it");
    }
}

/// The code that an authenticator with this secret shows now, or so many steps later.
pub(crate) fn code(house: &House, secret: &str, steps: u64) -> String {
    let bits: Vec<u8> = secret.bytes().map(|c| if c.is_ascii_digit() { c - b'2' + 26 } else { c - b'A' }).collect();
    let bytes: Vec<u8> = bits
        .chunks_exact(8)
        .flat_map(|eight| eight.iter().fold(0_u64, |all, five| all << 5 | u64::from(*five)).to_be_bytes()[3..].to_vec())
        .collect();
    let step = u64::try_from(house.clock.now().as_second()).unwrap() / 30 + steps;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

pub(crate) async fn enrolled(house: &House) -> (String, Vec<String>) {
    let begun = told(house.logins().enroll_totp(house.as_admin(pb::EnrollTotpRequest::default())).await).unwrap();
    assert!(begun.uri.starts_with("otpauth://totp/Demo:admin?secret="), "{}", begun.uri);
    assert!(house.try_sign_in("admin", PASSWORD).await.is_ok(), "nothing asks for a code before it is confirmed");
    let confirm = |code: String| pb::ConfirmTotpRequest { request_id: String::new(), code };
    let wrong = told(house.logins().confirm_totp(house.as_admin(confirm("x".into()))).await).unwrap_err();
    assert_eq!(wrong.reason(), "SECOND_FACTOR_WRONG");
    let good = code(house, &begun.secret, 0);
    let codes = told(house.logins().confirm_totp(house.as_admin(confirm(good))).await).unwrap().recovery_codes;
    assert_eq!(codes.len(), 10);
    (begun.secret, codes)
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_each_code_is_taken_once() {
    for house in House::all().await {
        let (secret, recovery) = enrolled(&house).await;
        assert_eq!(house.try_sign_in("admin", PASSWORD).await.unwrap_err().reason(), "SECOND_FACTOR_NEEDED");
        let used = code(&house, &secret, 0);
        assert_eq!(
            sign_in(&house, "admin", PASSWORD, &used, "").await.unwrap_err().reason(),
            "SIGN_IN_REFUSED",
            "taken by the confirmation"
        );
        let next = code(&house, &secret, 1);
        sign_in(&house, "admin", PASSWORD, &next, "").await.unwrap();
        assert!(sign_in(&house, "admin", PASSWORD, &next, "").await.is_err(), "{}", house.db.name);
        sign_in(&house, "admin", PASSWORD, &recovery[2], "").await.unwrap();
        assert!(sign_in(&house, "admin", PASSWORD, &recovery[2], "").await.is_err());
        let wrong_password = sign_in(&house, "admin", "wrong wrong wrong", &recovery[3], "").await.unwrap_err();
        assert_eq!(wrong_password.reason(), "SIGN_IN_REFUSED");
        sign_in(&house, "admin", PASSWORD, &recovery[3], "").await.unwrap();
        let again =
            told(house.logins().enroll_totp(house.as_admin(pb::EnrollTotpRequest::default())).await).unwrap_err();
        assert_eq!(again.reason(), "SECOND_FACTOR_THERE");
    }
}

#[tokio::test]
async fn whoever_has_the_password_is_not_free_to_guess_codes() {
    for house in House::all().await {
        let (_, recovery) = enrolled(&house).await;
        for _ in 0..5 {
            assert_eq!(house.try_sign_in("admin", PASSWORD).await.unwrap_err().reason(), "SECOND_FACTOR_NEEDED");
            assert!(sign_in(&house, "admin", PASSWORD, "000000", "").await.is_err());
        }
        let waits = sign_in(&house, "admin", PASSWORD, &recovery[0], "").await.unwrap_err();
        assert_eq!(waits.reason(), "SIGN_IN_REFUSED", "{}", house.db.name);
        house.wait(180);
        assert!(sign_in(&house, "admin", PASSWORD, &recovery[0], "").await.is_ok(), "{}", house.db.name);
    }
}

#[tokio::test]
async fn a_second_factor_goes_with_a_code_or_with_a_reset() {
    for house in House::all().await {
        let (_, recovery) = enrolled(&house).await;
        let remove = |code: &str| pb::RemoveTotpRequest { request_id: String::new(), code: code.into() };
        let told_remove = async |code: &str| told(house.logins().remove_totp(house.as_admin(remove(code))).await);
        assert_eq!(told_remove("").await.unwrap_err().reason(), "SECOND_FACTOR_NEEDED");
        assert_eq!(told_remove("000000").await.unwrap_err().reason(), "SECOND_FACTOR_WRONG");
        told_remove(&recovery[0]).await.unwrap();
        assert_eq!(told_remove(&recovery[1]).await.unwrap_err().reason(), "SECOND_FACTOR_MISSING");
        assert!(house.try_sign_in("admin", PASSWORD).await.is_ok(), "{}", house.db.name);

        let _lost = enrolled(&house).await;
        let second = house.login("second", "").await;
        house.grant(&second, "group_admin", ScopeKind::Tenant, "").await;
        let first = reset(&house, &second, &house.admin, false).await.unwrap().one_time_password;
        assert_eq!(sign_in(&house, "admin", &first, "", OTHER).await.unwrap_err().reason(), "SECOND_FACTOR_NEEDED");
        let first = reset(&house, &second, &house.admin, true).await.unwrap().one_time_password;
        sign_in(&house, "admin", &first, "", OTHER).await.unwrap();
    }
}

#[tokio::test]
async fn no_secret_of_a_second_factor_or_a_password_is_in_the_audit_log() {
    let house = House::all().await.remove(0);
    let (secret, recovery) = enrolled(&house).await;
    let hr = house.login("hr", "").await;
    let first = reset(&house, &house.admin, &hr, false).await.unwrap().one_time_password;
    let log = format!("{:?}", house.audited().await);
    for hidden in [&secret, &recovery[0], &first, &house.admin.refresh_token] {
        assert!(!log.contains(hidden.as_str()));
    }
    assert!(log.contains("identity.password.reset") && log.contains("identity.second_factor.confirm"));
}
