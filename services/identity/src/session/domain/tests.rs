use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_000_000 + second).unwrap()
}

#[test]
fn a_password_verifies_against_its_hash_and_no_other_does() {
    let password = Password::chosen("correct horse battery".into()).unwrap();
    let hash = hash(&password, [7; 16]).unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m="), "{hash}");
    assert!(verify(&password, &hash));
    assert!(!verify(&Password::typed("correct horse batterz".into()), &hash));
    assert!(!verify(&Password::typed("x".repeat(2_000)), &hash));
    assert!(!verify(&password, "not a hash"));
}

#[test]
fn a_password_is_never_printed_and_a_short_one_never_chosen() {
    let password = Password::chosen("correct horse battery".into()).unwrap();
    assert!(!format!("{password:?}").contains("horse"));
    assert_eq!(Password::chosen("elevenchars".into()).unwrap_err().reason(), "PASSWORD_UNUSABLE");
    assert!(Password::chosen("密码密码密码密码密码密码".into()).is_ok(), "characters count, not bytes");
}

#[test]
fn names_ignore_case_and_hold_no_slash() {
    assert_eq!("  Li.Na@Example ".parse::<LoginName>().unwrap().as_str(), "li.na@example");
    assert_eq!("李娜".parse::<LoginName>().unwrap().as_str(), "李娜");
    for bad in ["", "x", "/group", "service/talent", "a b"] {
        assert_eq!(bad.parse::<LoginName>().unwrap_err().reason(), "LOGIN_MALFORMED", "{bad:?}");
    }
}

#[test]
fn four_wrong_passwords_are_free_then_the_wait_doubles_up_to_a_quarter_of_an_hour() {
    let mut tries = Tries::default();
    let mut waits = Vec::new();
    for _ in 0..18 {
        tries = tries.failed(at(0));
        waits.push(tries.blocked_until.map_or(0, |until| (until - at(0)).get_seconds()));
    }
    assert_eq!(waits[..8], [0, 0, 0, 0, 1, 2, 4, 8]);
    assert_eq!(waits[17], 900);
}

#[test]
fn a_wait_ends() {
    let tries = (0..5).fold(Tries::default(), |tries, _| tries.failed(at(0)));
    assert!(tries.blocked(at(0)));
    assert!(!tries.blocked(at(1)));
    assert!(!Tries::default().blocked(at(0)));
}

#[test]
fn a_very_long_row_of_wrong_passwords_does_not_overflow() {
    let tries = Tries { failures: u32::MAX, blocked_until: None }.failed(at(0));
    assert_eq!(tries.failures, u32::MAX);
    assert!(tries.blocked(at(899)));
}
