use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_000_000 + second).unwrap()
}

#[test]
fn a_password_verifies_against_its_hash_and_no_other_does() {
    let password = Password::chosen("correct horse battery".into()).unwrap();
    let hash = hash(&password, [7; 16]).unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m="), "{hash}");
    assert!(verify(&password, &hash).unwrap());
    assert!(!verify(&Password::typed("correct horse batterz".into()), &hash).unwrap());
    assert!(!verify(&Password::typed("x".repeat(2_000)), &hash).unwrap());
    assert_eq!(
        verify(&password, "not a hash").unwrap_err().kind(),
        Kind::Internal,
        "it is not the password that is wrong"
    );
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
fn five_wrong_passwords_are_looked_at_and_then_one_every_three_minutes() {
    let mut tries = Tries::default();
    for n in 0..5 {
        assert!(!tries.blocked(at(0)), "{n}");
        tries = tries.failed(at(0));
    }
    assert!(tries.blocked(at(0)) && tries.blocked(at(179)));
    assert!(!tries.blocked(at(180)));
    tries = tries.failed(at(180));
    assert!(tries.blocked(at(359)) && !tries.blocked(at(360)));
}

#[test]
fn a_quarter_of_an_hour_forgives_them_all_and_no_number_of_tries_makes_it_longer() {
    let tries = (0..1_000).fold(Tries::default(), |tries, _| tries.failed(at(0)));
    assert_eq!(tries.full_at, Some(at(900)));
    let later = (0..4).fold(tries, |tries, _| tries.failed(at(900)));
    assert!(!later.blocked(at(900)) && later.failed(at(900)).blocked(at(900)));
}

fn session() -> (Session, RefreshToken) {
    let secrets = Secrets::new();
    let (id, principal) = (SessionId(Uuid::from_u128(7)), PrincipalId(Uuid::from_u128(8)));
    let how = Begun { method: Method::Password, client: "a test", second_factor: false };
    let session = Session::begin((id, principal), how, at(0), &secrets);
    (session, RefreshToken { tenant: TenantId(Uuid::from_u128(9)), session: id, secrets })
}

#[test]
fn a_refresh_token_reads_back_and_prints_no_secret() {
    let (session, token) = session();
    let text = token.text();
    assert_eq!(text.len(), 128);
    let read = RefreshToken::read(&text).unwrap();
    assert_eq!((read.tenant, read.session), (token.tenant, token.session));
    assert_eq!(session.judge(&read, at(1)), Shown::Newest);
    assert!(!text.contains(&format!("{token:?}")) && format!("{token:?}").len() < 60);
    for bad in ["", "x", &text[1..], &format!("{text}AA")] {
        assert!(RefreshToken::read(bad).is_none(), "{bad}");
    }
}

#[test]
fn the_newest_token_is_good_once_every_earlier_one_is_known_and_a_guess_is_not() {
    let (session, first) = session();
    let mut newer = first.clone();
    newer.secrets.once = Secrets::new().once;
    let session = session.refreshed(&newer.secrets.once, at(60));
    assert_eq!(session.judge(&newer, at(61)), Shown::Newest);
    assert_eq!(session.judge(&first, at(61)), Shown::UsedBefore);
    let guess = RefreshToken { secrets: Secrets::new(), ..first.clone() };
    assert_eq!(session.judge(&guess, at(61)), Shown::Unknown, "who knows only the session's id cannot end it");
    let ended = Session { ended_at: Some(at(62)), ..session };
    assert_eq!(ended.judge(&newer, at(63)), Shown::Unknown);
}

#[test]
fn a_session_ends_a_fortnight_after_its_last_use_and_a_quarter_after_its_first() {
    const DAY: i64 = 24 * 3600;
    let (session, token) = session();
    assert!(session.lives(at(14 * DAY - 1)) && !session.lives(at(14 * DAY)));
    let mut kept = session;
    for day in (10..=80).step_by(10) {
        kept = kept.refreshed(&token.secrets.once, at(day * DAY));
        assert!(kept.lives(at((day + 9) * DAY)));
    }
    assert!(kept.lives(at(90 * DAY - 1)) && !kept.lives(at(90 * DAY)));
}

#[test]
fn easy_passwords_are_refused_whatever_they_are_easy_by() {
    let about = ["li.na@example".to_owned(), "Li Na".to_owned(), "Aurora Retail".to_owned()];
    let refused = |text: &str| {
        let password = Password::chosen(text.into()).unwrap_or_else(|e| panic!("{text}: {e}"));
        hash_chosen(&password, &about, [7; 16]).is_err_and(|error| error.reason() == "PASSWORD_WEAK")
    };
    // The top of the common lists, made twelve long as people do it; keyboards, repeats, dates; names that belong here.
    let easy = [
        "123456789012",
        "password1234",
        "passwordpassword",
        "qwertyuiop12",
        "1q2w3e4r5t6y",
        "iloveyou1234",
        "aaaaaaaaaaaaa",
        "abcabcabcabc",
        "letmeinletmein",
        "administrator",
        "monkeymonkey1",
        "li.na@example",
        "AuroraRetail1",
        "P@ssw0rd1234",
        "密码密码密码密码密码密码",
    ];
    for text in easy {
        assert!(refused(text), "{text}");
    }
    for text in ["correct horse battery", "tW8#kd02-pqLz", "绿皮火车经过七座桥和一片湖水"] {
        assert!(!refused(text), "{text}");
    }
}

#[test]
fn common_passwords_are_refused_by_the_list_the_estimator_brings_along() {
    // The ten most common of every public list, as they are: each is known, whatever its length.
    for common in
        ["123456", "password", "12345678", "qwerty", "123456789", "12345", "1234", "111111", "dragon", "letmein"]
    {
        let estimate = zxcvbn::zxcvbn(common, &[]);
        assert_eq!(estimate.score(), zxcvbn::Score::Zero, "{common}");
    }
}

#[test]
fn a_one_time_password_is_long_and_never_the_same() {
    let [a, b] = [one_time_password(), one_time_password()];
    assert_eq!(a.len(), 24);
    assert_ne!(a, b);
    assert!(!a.contains(['0', 'o', '1', 'l']));
}

#[test]
fn a_leaving_is_a_last_day_that_no_employment_follows() {
    let date = |text: &str| text.parse::<Date>().unwrap();
    let span = |from: &str, to: &str| Days::new(date(from), (!to.is_empty()).then(|| date(to)));
    let today = date("2026-03-15");
    let moved_on = [span("2026-01-01", "2026-01-31"), span("2026-02-01", "")];
    assert_eq!(terminations(&moved_on, today), []);
    let came_back = [span("2026-01-01", "2026-01-31"), span("2026-03-01", "")];
    assert_eq!(terminations(&came_back, today), [date("2026-01-31")]);
    let leaves_today = [span("2026-01-01", "2026-03-15")];
    assert_eq!(terminations(&leaves_today, today), []);
    assert_eq!(terminations(&leaves_today, date("2026-03-16")), [date("2026-03-15")]);
}

#[test]
fn what_was_given_before_somebody_left_does_not_come_back_with_the_person() {
    let date = |text: &str| text.parse::<Date>().unwrap();
    let before = Days::new(date("2026-01-01"), Some(date("2026-01-31")));
    let again = Days::new(date("2026-03-01"), None);
    let away = Standing::of(&[before], date("2026-02-01"));
    assert!(!away.employed && !away.holds_since(date("2026-02-01")));
    let back = Standing::of(&[before, again], date("2026-03-15"));
    assert!(back.employed);
    assert!(!back.holds_since(date("2026-01-31")), "given before the leaving");
    assert!(back.holds_since(date("2026-02-20")), "given for the return");
    let early = Standing::of(&[again], date("2026-03-15"));
    assert!(early.holds_since(date("2026-02-20")), "given before the first day");
    assert!(Standing::of_nobody().holds_since(Date::MIN));
}
