//! Questions of the contracts: everything that may stand in a path, behind the `?`, in a header or in a body, and what is refused of it.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::template::tests::fixed;

fn by_query<'a>(query: &'a [(&'a str, &'a str)]) -> Asked<'a> {
    Asked { query, ..Asked::default() }
}

#[test]
fn a_query_holds_every_kind_of_field_by_either_name() {
    for (rpc, query, question) in [
        // Text, which is anything, also nothing and what looks like a number.
        ("/ListClaims", vec![("account_id", "7"), ("page_token", "")], json!({ "accountId": "7" })),
        ("/ListClaims", vec![("accountId", "a b/%+?张😀")], json!({ "accountId": "a b/%+?张😀" })),
        // Yes or no.
        ("/ListClaims", vec![("withdrawn", "true")], json!({ "withdrawn": true })),
        ("/ListClaims", vec![("withdrawn", "false")], json!({})),
        // Whole numbers, of 32 and 64 bits.
        ("/ListClaims", vec![("page_size", "50")], json!({ "pageSize": 50 })),
        ("/ListClaims", vec![("pageSize", "4294967295")], json!({ "pageSize": 4_294_967_295_u32 })),
        (
            "/ListPeople",
            vec![("known_revision", "18446744073709551615")],
            json!({ "knownRevision": "18446744073709551615" }),
        ),
        // Choices, by name and by number.
        (
            "attendance.v1.CorrectionService/ListCorrections",
            vec![("state", "CORRECTION_STATE_MADE")],
            json!({ "state": "CORRECTION_STATE_MADE" }),
        ),
        (
            "attendance.v1.CorrectionService/ListCorrections",
            vec![("state", "3")],
            json!({ "state": "CORRECTION_STATE_MADE" }),
        ),
        // Instants, whatever the zone they are told in.
        ("/ListClaims", vec![("from", "2026-03-01T08:00:00+08:00")], json!({ "from": "2026-03-01T00:00:00Z" })),
        (
            "/ListClaims",
            vec![("knownAt", "2026-03-01T00:00:00.000000001Z")],
            json!({ "knownAt": "2026-03-01T00:00:00.000000001Z" }),
        ),
        // Lists, in the order that they are said in.
        (
            "/ListTouchedCycles",
            vec![("account_ids", "b"), ("from", "2026-01-01"), ("accountIds", "a"), ("account_ids", "b")],
            json!({ "accountIds": ["b", "a", "b"], "from": "2026-01-01" }),
        ),
        // Fields of fields, also one of several.
        (
            "/ListPeople",
            vec![("period.from", "2026-01-01"), ("period.to", "2026-01-31")],
            json!({ "period": { "from": "2026-01-01", "to": "2026-01-31" } }),
        ),
        (
            "/ListObservations",
            vec![("subject.accountId", "a"), ("versions", "true")],
            json!({ "subject": { "accountId": "a" }, "versions": true }),
        ),
        // The same twice is said once.
        ("/ListClaims", vec![("page_size", "5"), ("pageSize", "5")], json!({ "pageSize": 5 })),
        ("/ListClaims", vec![("page_size", "5"), ("pageSize", "05")], json!({ "pageSize": 5 })),
        (
            "/ListClaims",
            vec![("from", "2026-03-01T08:00:00+08:00"), ("from", "2026-03-01T00:00:00Z")],
            json!({ "from": "2026-03-01T00:00:00Z" }),
        ),
        (
            "attendance.v1.CorrectionService/ListCorrections",
            vec![("state", "3"), ("state", "CORRECTION_STATE_MADE")],
            json!({ "state": "CORRECTION_STATE_MADE" }),
        ),
    ] {
        assert_eq!(by_query(&query).json(rule(rpc), b""), question, "{rpc} {query:?}");
    }
}

#[test]
fn an_optional_field_that_is_nought_is_said() {
    let (said, silent) = (r#"{"shiftId":"s","seat":""}"#, r#"{"shiftId":"s","seat":null}"#);
    let seat = |body: &str| {
        let question = Asked::default().ask(rule("/ChangeShift"), body.as_bytes()).unwrap();
        question.has_field_by_name("seat")
    };
    assert!(seat(said));
    assert!(!seat(silent), "null says nothing");
    let optional =
        RULES.iter().flat_map(|rule| rule.query_fields().into_values().filter(|field| field.supports_presence()));
    assert!(
        optional.filter(|field| field.kind().as_message().is_none()).all(|field| field.containing_oneof().is_some())
    );
}

#[test]
fn what_a_query_says_wrongly_is_refused_by_name() {
    let twice = "FIELD_SAID_TWICE";
    for (rpc, query, wrong) in [
        ("/ListClaims", vec![("page_sise", "5")], vec![told("page_sise", "QUERY_UNKNOWN")]),
        (
            "/ListClaims",
            vec![("", "5"), ("PAGE_SIZE", "5")],
            vec![told("", "QUERY_UNKNOWN"), told("PAGE_SIZE", "QUERY_UNKNOWN")],
        ),
        ("/ListPeople", vec![("period", "2026-01")], vec![told("period", "QUERY_UNKNOWN")]),
        ("/ListPeople", vec![("period.on", "2026-01-01")], vec![told("period.on", "QUERY_UNKNOWN")]),
        ("/ListClaims", vec![("page_size.x", "1")], vec![told("page_size.x", "QUERY_UNKNOWN")]),
        ("/ListClaims", vec![("page_size", "5"), ("pageSize", "6")], vec![told("page_size", twice)]),
        ("/ListClaims", vec![("account_id", "a"), ("account_id", "A")], vec![told("account_id", twice)]),
        ("/ListClaims", vec![("page_size", "-1")], vec![told("page_size", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("page_size", "4294967296")], vec![told("page_size", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("page_size", "5.5")], vec![told("page_size", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("page_size", "NaN")], vec![told("page_size", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("page_size", "")], vec![told("page_size", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("page_size", "٣")], vec![told("page_size", "FIELD_UNREADABLE")]),
        (
            "/ListPeople",
            vec![("known_revision", "18446744073709551616")],
            vec![told("known_revision", "FIELD_UNREADABLE")],
        ),
        ("/ListClaims", vec![("withdrawn", "yes")], vec![told("withdrawn", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("withdrawn", "1")], vec![told("withdrawn", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("withdrawn", "")], vec![told("withdrawn", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("from", "2026-03-01")], vec![told("from", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("from", "2026-03-01T00:00:00")], vec![told("from", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("from", "2026-02-30T00:00:00Z")], vec![told("from", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("from", "2026-03-01T24:00:00Z")], vec![told("from", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("from", "10000-01-01T00:00:00Z")], vec![told("from", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("from", "2026-03-01T12:00:60Z")], vec![told("from", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("from", "2026-03-01T12:00:00.1234567891Z")], vec![told("from", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("from", "2026-03-01T12:00:00+25:00")], vec![told("from", "FIELD_UNREADABLE")]),
        ("/ListClaims", vec![("from", "1767225600")], vec![told("from", "FIELD_UNREADABLE")]),
        (
            "attendance.v1.CorrectionService/ListCorrections",
            vec![("state", "MADE")],
            vec![told("state", "FIELD_UNREADABLE")],
        ),
        (
            "attendance.v1.CorrectionService/ListCorrections",
            vec![("state", "")],
            vec![told("state", "FIELD_UNREADABLE")],
        ),
        (
            "/ListObservations",
            vec![("subject.accountId", "a"), ("subject.store", "b")],
            vec![told("subject", "FIELD_UNREADABLE")],
        ),
    ] {
        assert_eq!(by_query(&query).wrong(rule(rpc), b""), wrong, "{rpc} {query:?}");
    }
}

#[test]
fn what_is_closed_never_stands_in_an_address() {
    for (rpc, query) in [("PersonService/GetPerson", "id_number"), ("PersonService/GetPerson", "idNumber")] {
        assert_eq!(by_query(&[(query, "110101199003070011")]).wrong(rule(rpc), b""), [told(query, "QUERY_UNKNOWN")]);
    }
    let looked_up =
        RULES.iter().find(|rule| rule.name.ends_with("PersonService/GetPerson") && rule.binding == 1).unwrap();
    let body = json!({ "idNumber": "110101199003070011" });
    assert_eq!(Asked::default().json(looked_up, body.to_string().as_bytes()), body, "a body may say it");
    for rule in RULES.iter() {
        for (path, field) in rule.query_fields() {
            let class = classes::class_of(field.full_name());
            let open = matches!(class, classes::DataClass::Public | classes::DataClass::Internal);
            assert!(open || !field.full_name().starts_with("tally."), "{}: {path}", rule.name);
        }
    }
}

#[test]
fn path_query_headers_and_body_make_one_question() {
    let path: &[(&str, &str)] = &[("cycle_id", "c/1")];
    let all = Asked { path, request_id: Some("r"), ..Asked::default() };
    let woven = json!({ "requestId": "r", "cycleId": "c/1", "attributionRunId": "a" });
    for body in [
        r#"{"attributionRunId":"a"}"#,
        r#"{"attribution_run_id":"a"}"#,
        r#"{"attributionRunId":"a","cycleId":"c/1","requestId":"r"}"#,
        r#"{"attributionRunId":"a","cycle_id":"c/1","request_id":"r"}"#,
        r#"{"attributionRunId":"a","cycleId":null,"request_id":null}"#,
    ] {
        assert_eq!(all.json(rule("/CloseCycle"), body.as_bytes()), woven, "{body}");
    }
    assert_eq!(
        all.json(rule("/CloseCycle"), b""),
        json!({ "requestId": "r", "cycleId": "c/1" }),
        "a body may be left out"
    );
    for (body, field) in [
        (r#"{"cycleId":"c/2"}"#, "cycle_id"),
        (r#"{"cycle_id":"c/2"}"#, "cycle_id"),
        (r#"{"cycleId":7}"#, "cycle_id"),
        (r#"{"requestId":"s"}"#, "request_id"),
    ] {
        assert_eq!(all.wrong(rule("/CloseCycle"), body.as_bytes()), [told(field, "FIELD_SAID_TWICE")], "{body}");
    }
    let asked = Asked { query: &[("cycle_id", "c/1"), ("attribution_run_id", "a")], ..all };
    let unknown = [told("cycle_id", "QUERY_UNKNOWN"), told("attribution_run_id", "QUERY_UNKNOWN")];
    assert_eq!(asked.wrong(rule("/CloseCycle"), b""), unknown, "with all in the body there are no parameters");
}

#[test]
fn a_field_that_is_the_body_is_read_alone() {
    let create = rule("/CreateCycle");
    let asked = Asked { request_id: Some("r"), ..Asked::default() };
    let body = r#"{"name":"March","period":{"from":"2026-03-01","to":"2026-03-31"},"scheme_version":1}"#;
    let cycle = json!({ "name": "March", "period": { "from": "2026-03-01", "to": "2026-03-31" }, "schemeVersion": 1 });
    assert_eq!(asked.json(create, body.as_bytes()), json!({ "requestId": "r", "cycle": cycle }));
    let by_parameter = by_query(&[("request_id", "r")]);
    assert_eq!(by_parameter.json(create, body.as_bytes()), json!({ "requestId": "r", "cycle": cycle }));
    let contrary = Asked { request_id: Some("s"), ..by_parameter };
    assert_eq!(contrary.wrong(create, body.as_bytes()), [told("request_id", "FIELD_SAID_TWICE")]);
    assert_eq!(
        by_query(&[("cycle.name", "May")]).wrong(create, body.as_bytes()),
        [told("cycle.name", "QUERY_UNKNOWN")]
    );
    assert_eq!(asked.json(create, b""), json!({ "requestId": "r" }));
    assert_eq!(asked.json(create, b"null"), json!({ "requestId": "r" }));
    assert_eq!(asked.wrong(create, br#"{"cycle":{"name":"March"}}"#), [told("cycle.cycle", "FIELD_UNREADABLE")]);
    assert_eq!(asked.wrong(create, b"[]"), [told("cycle", "FIELD_UNREADABLE")]);

    let update = Asked { path: &[("measure.measure_id", "m")], ..Asked::default() };
    let put = |body: &str| update.json(rule("/UpdateMeasure"), body.as_bytes());
    assert_eq!(put(r#"{"unitId":"u"}"#), json!({ "measure": { "measureId": "m", "unitId": "u" } }));
    assert_eq!(put(r#"{"measureId":"m"}"#), json!({ "measure": { "measureId": "m" } }));
    assert_eq!(put(""), json!({ "measure": { "measureId": "m" } }));
    let contrary = update.wrong(rule("/UpdateMeasure"), br#"{"measureId":"n"}"#);
    assert_eq!(contrary, [told("measure.measure_id", "FIELD_SAID_TWICE")]);
}

#[test]
fn headers_stand_for_fields_where_the_question_has_them() {
    let both = Asked { request_id: Some("r"), etag: Some("e"), ..Asked::default() };
    let schedule = Asked { path: &[("schedule.schedule_id", "s")], ..both };
    let told_once = json!({ "requestId": "r", "schedule": { "scheduleId": "s", "etag": "e" } });
    assert_eq!(schedule.json(rule("/UpdateSchedule"), b"{}"), told_once);
    assert_eq!(schedule.json(rule("/UpdateSchedule"), br#"{"etag":"e"}"#), told_once);
    let contrary = schedule.wrong(rule("/UpdateSchedule"), br#"{"etag":"f"}"#);
    assert_eq!(contrary, [told("schedule.etag", "FIELD_SAID_TWICE")]);
    // A condition that cannot be kept is not left out.
    let close = Asked { path: &[("cycle_id", "c")], ..both };
    assert_eq!(close.wrong(rule("/CloseCycle"), b""), [told("If-Match", "HEADER_NOT_READ")]);
    // A key of a call that changes nothing asks for nothing.
    let read = Asked { path: &[("cycle_id", "c")], request_id: Some("r"), ..Asked::default() };
    assert_eq!(read.json(rule("/GetCycle"), b""), json!({ "cycleId": "c" }));
}

#[test]
fn a_header_that_is_no_text_or_there_twice_is_not_lost() {
    let name = http::header::IF_MATCH;
    let of = |values: &[&'static [u8]]| {
        let values = values.iter().map(|value| (name.clone(), http::HeaderValue::from_bytes(value).unwrap()));
        let mut headers = http::HeaderMap::new();
        values.for_each(|(name, value)| _ = headers.append(name, value));
        super::super::super::header(&headers, &name)
            .map(|text| text.map(str::to_owned))
            .map_err(|error| error.violations().len())
    };
    assert_eq!(of(&[]), Ok(None));
    assert_eq!(of(&[b"e"]), Ok(Some("e".to_owned())));
    assert_eq!(of(&[b"\xC3\xA9"]), Err(1));
    assert_eq!(of(&[b"e", b"f"]), Err(1));
}

#[test]
fn every_fault_of_path_query_and_headers_is_told_at_once() {
    let asked =
        Asked { query: &[("a", "1"), ("page_size", "1"), ("page_size", "2")], etag: Some("e"), ..Asked::default() };
    let wrong =
        [told("a", "QUERY_UNKNOWN"), told("page_size", "FIELD_SAID_TWICE"), told("If-Match", "HEADER_NOT_READ")];
    assert_eq!(asked.wrong(rule("/ListClaims"), b""), wrong);
}

#[test]
fn a_body_that_could_be_taken_in_two_ways_is_refused() {
    let (no_json, unreadable) = (|| told("body", "BODY_NO_JSON"), |field| told(field, "FIELD_UNREADABLE"));
    for (body, wrong) in [
        // A name twice, anywhere, also where both say the same.
        (r#"{"reason":"a","reason":"b"}"#.to_owned(), no_json()),
        (r#"{"reason":"a","reason":"a"}"#.to_owned(), no_json()),
        (r#"{"re\u0061son":"a","reason":"a"}"#.to_owned(), no_json()),
        (r#"{"x":[{"y":1,"y":1}]}"#.to_owned(), no_json()),
        // A field by both of its names.
        (r#"{"punchId":"a","punch_id":"b"}"#.to_owned(), unreadable("punch_id")),
        (r#"{"punch_id":"a","punchId":"a"}"#.to_owned(), unreadable("punch_id")),
        // What is no JSON.
        ("{".to_owned(), no_json()),
        (" ".to_owned(), no_json()),
        (r#"{"reason":NaN}"#.to_owned(), no_json()),
        (r#"{"reason":"a",}"#.to_owned(), no_json()),
        (r#"{"reason":'a'}"#.to_owned(), no_json()),
        (r#"{"reason":"a"}{}"#.to_owned(), no_json()),
        (r#"{"reason":"\ud800"}"#.to_owned(), no_json()),
        (r#"{"reason":"\udc00\ud800"}"#.to_owned(), no_json()),
        ("{\"reason\":\"a\nb\"}".to_owned(), no_json()),
        ("\u{feff}{}".to_owned(), no_json()),
        // What is JSON and no object.
        ("null".to_owned(), told("body", "BODY_NO_OBJECT")),
        (r#"[{"reason":"a"}]"#.to_owned(), told("body", "BODY_NO_OBJECT")),
        // Deeper than anything here.
        (format!("{}1{}", r#"{"x":"#.repeat(1_000), "}".repeat(1_000)), no_json()),
        (format!("{{\"x\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000)), no_json()),
        // Names and kinds.
        (r#"{"Reason":"a"}"#.to_owned(), unreadable("Reason")),
        (r#"{"reason":7}"#.to_owned(), unreadable("reason")),
        (r#"{"validateOnly":"true"}"#.to_owned(), unreadable("validate_only")),
        (r#"{"validateOnly":1}"#.to_owned(), unreadable("validate_only")),
        (r#"{"at":1767225600}"#.to_owned(), unreadable("at")),
        (r#"{"at":"2026-03-01T12:00:60Z"}"#.to_owned(), unreadable("at")),
        (r#"{"at":{"seconds":1}}"#.to_owned(), unreadable("at")),
        (r#"{"kind":"IN"}"#.to_owned(), unreadable("kind")),
        (r#"{"kind":1.5}"#.to_owned(), unreadable("kind")),
    ] {
        assert_eq!(wrong_body("/CorrectPunch", &body), wrong, "{}", &body[..body.len().min(80)]);
    }
    assert_eq!(Asked::default().wrong(rule("/CorrectPunch"), b"{\"reason\":\"\xFF\"}"), [no_json()]);
    assert_eq!(Asked::default().wrong(rule("/GetCycle"), b"{}"), [told("body", "BODY_NOT_READ")]);
    let surrogates = Asked::default().json(rule("/CorrectPunch"), br#"{"reason":"\ud83d\ude00\u0000"}"#);
    assert_eq!(surrogates, json!({ "reason": "😀\0" }));
}

#[test]
fn whole_numbers_are_read_to_the_last_digit_or_not_at_all() {
    let size = |number: &str| {
        let body = format!(r#"{{"rows":[{{"amountMinor":{number}}}]}}"#);
        let asked = Asked::default();
        let question = asked.ask(rule("/ImportRecords"), body.as_bytes());
        question.map(|question| serde_json::to_value(question).unwrap()["rows"][0]["amountMinor"].clone())
    };
    for (said, read) in [
        ("7", "7"),
        (r#""7""#, "7"),
        ("-7", "-7"),
        ("7.0", "7"),
        ("7e2", "700"),
        ("9223372036854775807", "9223372036854775807"),
        (r#""9223372036854775807""#, "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9007199254740992.0", "9007199254740992"),
    ] {
        assert_eq!(size(said).unwrap(), json!(read), "{said}");
    }
    for said in [
        "7.5",
        "9223372036854775808",
        "9223372036854775808.0",
        "9.223372036854775807e18",
        "9007199254740993.0",
        "-9007199254740994.0",
        "1e400",
        r#""9223372036854775808""#,
        r#""7.5""#,
        r#""""#,
        r#"" 7""#,
        r#""NaN""#,
        "07",
        "+7",
        "0x7",
        "Infinity",
        "true",
        "[7]",
    ] {
        assert!(size(said).is_err(), "{said}: {:?}", size(said));
    }
    assert!(size("null").unwrap().is_null());
    let fractions = RULES.iter().filter(|rule| has_fractions(&rule.rpc.input(), 0)).map(|rule| &rule.name);
    assert_eq!(
        fractions.collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "nothing of a question is a float, which could be NaN"
    );
}

fn has_fractions(message: &MessageDescriptor, depth: usize) -> bool {
    message.fields().any(|field| match field.kind() {
        Kind::Double | Kind::Float => true,
        Kind::Message(inner) => depth < 8 && has_fractions(&inner, depth + 1),
        _ => false,
    })
}

#[test]
fn faults_within_lists_are_told_by_their_place() {
    for (rows, field) in [
        (r#"[{},{"amountMinor":"x"}]"#, "rows[1].amount_minor"),
        (r#"[{},{"amountMinor":9e18}]"#, "rows[1].amount_minor"),
        (r#"[{"externalId":"a","external_id":"a"}]"#, "rows[0].external_id"),
        ("[{},null]", "rows[1]"),
        ("[[]]", "rows[0]"),
        ("{}", "rows"),
    ] {
        assert_eq!(
            wrong_body("/ImportRecords", &format!(r#"{{"rows":{rows}}}"#)),
            told(field, "FIELD_UNREADABLE"),
            "{rows}"
        );
    }
}

#[test]
fn a_very_long_list_is_read_whole() {
    let rows: Vec<_> = (0..20_000).map(|i| json!({ "externalId": i.to_string() })).collect();
    let said = json!({ "rows": rows });
    assert_eq!(Asked::default().json(rule("/ImportRecords"), said.to_string().as_bytes()), said);
    let ids: Vec<String> = (0..5_000).map(|i| i.to_string()).collect();
    let query: Vec<_> = ids.iter().map(|id| ("account_ids", id.as_str())).collect();
    assert_eq!(by_query(&query).json(rule("/ListTouchedCycles"), b""), json!({ "accountIds": ids }));
}

fn text_in(message: &DynamicMessage, field: &str) -> String {
    message.get_field_by_name(field).unwrap().as_str().unwrap().to_owned()
}

proptest! {
    #![proptest_config(fixed(256))]

    #[test]
    fn any_text_comes_through_path_query_header_and_body(id in any::<String>(), key in any::<String>(), text in any::<String>()) {
        let asked = Asked { path: &[("schedule_id", &id)], query: &[("request_id", &key)], ..Asked::default() };
        let told = asked.ask(rule("/DeleteSchedule"), b"").unwrap();
        prop_assert_eq!(text_in(&told, "schedule_id"), id.clone());
        prop_assert_eq!(text_in(&told, "request_id"), key.clone());
        let asked = Asked { path: &[("claim_id", &id)], request_id: Some(&key), ..Asked::default() };
        let told = asked.ask(rule("/WithdrawClaim"), json!({ "reason": text }).to_string().as_bytes()).unwrap();
        for (field, wanted) in [("claim_id", id), ("request_id", key), ("reason", text)] {
            prop_assert_eq!(text_in(&told, field), wanted);
        }
    }

    #[test]
    fn any_body_is_read_or_refused(body in prop_oneof!["[{}\\[\\]:,\"0-9a-z_ e.\\\\-]{0,40}", "\\{\"(reason|at|kind|punchId)\":[\\[\\]{}\"0-9.e-]{0,12}\\}"]) {
        let read = Asked::default().ask(rule("/CorrectPunch"), body.as_bytes());
        prop_assert!(read.is_ok() || read.is_err_and(|error| error.kind() == tally_kernel::error::Kind::InvalidArgument));
    }
}
