//! What is said of a question that cannot be read: in words of ours and in the caller's language, and what would fit.

use tally_i18n::text;
use tally_kernel::Locale;

use super::*;

/// What is said of a body, in both languages.
fn told(rpc: &str, body: &str) -> (String, String) {
    let error = Asked::default().ask(rule(rpc), body.as_bytes()).unwrap_err();
    let [one] = error.violations() else { panic!("{error:?}") };
    (text(Locale::En, &one.message), text(Locale::ZhCn, &one.message))
}

#[test]
fn what_a_parser_says_never_comes_through() {
    for (rpc, body, english) in [
        (
            "/CorrectPunch",
            r#"{"at":7}"#,
            "cannot be read: write an instant of the years 1 to 9999, such as 2026-03-02T09:00:00Z",
        ),
        ("/CorrectPunch", r#"{"reason":7}"#, "cannot be read: write a text, in quotes"),
        ("/CorrectPunch", r#"{"validateOnly":"yes"}"#, "cannot be read: write true or false"),
        (
            "/CorrectPunch",
            r#"{"kind":"IN"}"#,
            "cannot be read: write one of PUNCH_KIND_UNSPECIFIED, PUNCH_KIND_IN, PUNCH_KIND_OUT",
        ),
        ("/CorrectPunch", r#"{"raison":"a"}"#, "there is no such field"),
        (
            "/CorrectPunch",
            r#"{"punchId":"a","punch_id":"a"}"#,
            "is said twice, as punchId and as punch_id: leave one of them out",
        ),
        ("/CorrectPunch", "{\"at\":\n x}", "the body is no JSON from line 2, column 2 on"),
        ("/CorrectPunch", r#"{"at":"#, "the body ends in the middle of its JSON"),
        ("/CorrectPunch", r#"{"at":{"a":1,"a":2}}"#, "an object of the body has the name a twice"),
        ("/CorrectPunch", "[]", "the body must be a JSON object"),
        ("/ImportRecords", r#"{"rows":{}}"#, "cannot be read: write a list"),
        ("/ImportRecords", r#"{"rows":[7]}"#, "cannot be read: write an object"),
        (
            "/ImportRecords",
            r#"{"rows":[{"amountMinor":"x"}]}"#,
            "cannot be read: write a whole number from -9223372036854775808 to 9223372036854775807",
        ),
        (
            "/ImportObservations",
            r#"{"rows":[{"subject":{"store":"a","campaign":"b"}}]}"#,
            "say one of person_id, unit_id, account_id, store, campaign, not several",
        ),
    ] {
        let (told, chinese) = told(rpc, body);
        assert_eq!(told, english, "{body}");
        // Names and examples are the same in every language; English words between them are not.
        let words =
            ["write", "cannot", "the body", "expected", "invalid", "line", "object", "list", "there is", "not several"];
        assert!(words.iter().all(|word| !chinese.contains(word)), "{chinese}");
        assert!(!chinese.is_ascii(), "{chinese}");
    }
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(self::told("/CorrectPunch", &deep).0, "the body has more than 127 levels of lists and objects");
}

#[test]
fn a_path_that_is_no_text_is_refused_by_the_name_of_its_field() {
    let path = [(vec!["cycle_id".to_owned()], None)];
    let parts = Parts { path: &path, query: &[], request_id: None, etag: None };
    let error = question(rule("/GetCycle"), &parts, b"").unwrap_err();
    let [one] = error.violations() else { panic!("{error:?}") };
    assert_eq!((one.field.as_str(), one.message.reason()), ("cycle_id", "FIELD_UNREADABLE"));
}

#[test]
fn a_condition_names_one_version() {
    let etag = super::super::super::etag;
    for (said, one) in [
        ("\"a\"", Some("a")),
        ("a", Some("a")),
        ("*", None),
        ("\"*\"", Some("*")),
        ("\"\"", Some("")),
        ("W/\"a\"", Some("W/\"a\"")),
    ] {
        assert_eq!(etag(said).unwrap(), one, "{said}");
    }
    for several in
        ["\"a\", \"b\"", "\"a\",\"b\"", "W/\"a\", \"b\"", "\"a\", W/\"b\"", "W/\"a\", W/\"b\"", "\"a\" \"b\""]
    {
        let refused = etag(several).unwrap_err();
        assert_eq!(refused.violations()[0].field, "if-match", "{several}");
    }
}
