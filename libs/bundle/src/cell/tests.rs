use super::*;

fn en(message: &Message) -> String {
    tally_i18n::text(tally_kernel::Locale::En, message)
}

fn shanghai() -> TimeZone {
    zone("Asia/Shanghai").expect("a zone")
}

fn at(text: &str) -> String {
    moment(text, &shanghai()).map_or_else(|w| en(&w.reason), |m| m.at.to_string())
}

#[test]
fn times_are_read_in_every_form_people_export() {
    for text in [
        "2026-03-02 09:00",
        "2026-03-02 09:00:00",
        "2026-03-02T09:00:00.000",
        "2026/3/2 9:00",
        "2026/03/02  09:00:00",
        "2026-03-02T01:00:00Z",
        "2026-03-02T09:00:00+08:00",
        "2026-03-02 09:00 +0800",
        "２０２６－０３－０２　０９：００",
        "2026年3月2日 9:00",
        "2026年03月02日09:00:00",
    ] {
        assert_eq!(at(text), "2026-03-02T01:00:00Z", "{text}");
    }
    assert_eq!(at("2026-03-02 09:00:00.25"), "2026-03-02T01:00:00.25Z");
    assert_eq!(at("2026-02-28 24:00"), "2026-02-28T16:00:00Z");
    assert_eq!(at("2026-03-01T24:00:00+08:00"), "2026-03-01T16:00:00Z");
}

#[test]
fn what_is_no_time_says_so() {
    for text in [
        "2026-02-30 09:00",
        "02/03/2026 09:00",
        "2026-03-02",
        "2026-03-02 24:01",
        "2026-03-02 09:60",
        "2026-03-02 09:00 x",
        "9999999-01-01 00:00",
        "2026-03-02 09:00+99:00",
        "2026-03/02 09:00",
        "nine",
    ] {
        assert_eq!(at(text), format!("'{text}' is not a time"));
    }
    assert_eq!(at(""), "it is empty");
}

#[test]
fn a_time_in_a_gap_is_refused_and_a_time_that_comes_twice_is_the_first() {
    let berlin = zone("Europe/Berlin").expect("a zone");
    let wrong = moment("2026-03-29 02:30", &berlin).expect_err("clocks went forward");
    assert!(en(&wrong.reason).contains("did not exist in Europe/Berlin"), "{}", en(&wrong.reason));
    assert!(en(&wrong.cure).contains("2026-03-29T02:30:00+02:00"), "{}", en(&wrong.cure));
    let twice = moment("2026-10-25 02:30", &berlin).expect("the first of two");
    assert_eq!(twice.at.to_string(), "2026-10-25T00:30:00Z");
}

#[test]
fn booleans_are_read_in_two_languages() {
    for (text, value) in [
        ("true", true),
        ("FALSE", false),
        ("1", true),
        ("0", false),
        ("Yes", true),
        ("no", false),
        ("是", true),
        ("否", false),
        ("１", true),
        ("ＴＲＵＥ", true),
    ] {
        assert_eq!(boolean(text), Ok(value), "{text}");
    }
    assert!(boolean("maybe").is_err());
}

#[test]
fn amounts_are_minor_units_of_the_currency() {
    assert_eq!(money("199", "CNY", Stands::InCell), Ok(19_900));
    assert_eq!(money("199.5", "CNY", Stands::InCell), Ok(19_950));
    assert_eq!(money("１９９．５０", "CNY", Stands::InCell), Ok(19_950));
    assert_eq!(money("1200.00", "JPY", Stands::InCell), Ok(1_200));
    assert_eq!(money("1.234", "KWD", Stands::InCell), Ok(1_234));
    assert_eq!(money("1234.500", "CNY", Stands::InCell), Ok(123_450));
    let wrong = money("1.000", "EUR", Stands::InCell).expect_err("it may be a thousand");
    assert!(en(&wrong.cure).contains("numbers:"), "{}", en(&wrong.cure));
    for (text, word) in [
        ("-5", "negative"),
        ("-", "not an amount"),
        ("1.005", "more decimals"),
        ("1,200.00", "not an amount"),
        ("￥12", "not an amount"),
        (".", "not an amount"),
        ("99999999999999999999", "too large"),
    ] {
        let wrong = money(text, "CNY", Stands::InCell).expect_err(text);
        assert!(en(&wrong.reason).contains(word), "{text}: {}", en(&wrong.reason));
    }
    let most = "10000000000.01";
    assert_eq!(
        (money(most, "CNY", Stands::InCell), amount_of_record(most, "CNY", Stands::InCell).is_err()),
        (Ok(1_000_000_000_001), true)
    );
    assert_eq!(
        (major(19_950, "CNY").as_str(), major(5, "CNY").as_str(), major(7, "JPY").as_str()),
        ("199.50", "0.05", "7")
    );
}

#[test]
fn decimals_are_rounded_half_even_to_six_places() {
    let read = |text| decimal(text).map(|d| d.to_string());
    assert_eq!(read("4.50").as_deref(), Some("4.5"));
    assert_eq!(read("0.0000005").as_deref(), Some("0"));
    assert_eq!(read("0.0000015").as_deref(), Some("0.000002"));
    assert_eq!(read("0.00000050000000001").as_deref(), Some("0.000001"));
    assert_eq!(read("-0").as_deref(), Some("0"));
    assert_eq!(read("007").as_deref(), Some("7"));
    for text in ["", ".", "1e3", "1,000", "12a", "1234567890123456"] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn the_nearest_word_is_offered_only_when_it_is_near() {
    assert_eq!(nearest("currancy", ["currency", "zone"]), Some("currency"));
    assert_eq!(nearest("colour", ["currency", "zone"]), None);
}
