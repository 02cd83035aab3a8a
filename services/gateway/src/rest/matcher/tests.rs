use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use prost_reflect::Value as Reflected;
use serde_json::Value as Json;
use tally_api::classes;

use super::*;
use crate::template::tests::{any_template, fixed, text_of};

/// The paths of other people's tests; where they come from stands in the file.
const CASES: &str = include_str!("../../../tests/data/transcoding/paths.json");
/// What a client leaves as it is when it puts a value into a path.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The same, where the value is of several segments.
const SEVERAL: &AsciiSet = &UNRESERVED.remove(b'/');

/// Stands for bytes that are no text.
const NO_TEXT: &str = "no text";

fn matcher<'t>(templates: impl IntoIterator<Item = (&'static str, &'t str)>) -> Matcher<String> {
    let mut matcher = Matcher::default();
    for (method, text) in templates {
        matcher.add(method, Template::parse(text).unwrap_or_else(|| panic!("{text}")), text.to_owned());
    }
    matcher
}

fn find(matcher: &Matcher<String>, method: &str, path: &str) -> Option<(String, Vec<(String, String)>)> {
    let Found::Entry(template, bindings) = matcher.find(method, path) else { return None };
    let told = |(field, text): Binding| (field.join("."), text.unwrap_or_else(|| NO_TEXT.to_owned()));
    Some((template.clone(), bindings.into_iter().map(told).collect()))
}

fn pairs(list: &Json) -> Vec<(String, String)> {
    let text = |one: &Json| one.as_str().expect("a text").to_owned();
    list.as_array().expect("a list").iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

#[test]
fn paths_are_found_as_the_reference_finds_them() {
    let table: Json = serde_json::from_str(CASES).unwrap();
    let mut looked_up = 0;
    for one in table["tables"].as_array().unwrap() {
        let templates: Vec<_> =
            one["templates"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        // The order in which templates come decides nothing.
        let ways = [templates.clone(), templates.into_iter().rev().collect()];
        for matcher in ways.map(|templates| matcher(templates.into_iter().map(|text| ("GET", text)))) {
            for lookup in one["lookups"].as_array().unwrap() {
                let found = find(&matcher, lookup[0].as_str().unwrap(), lookup[1].as_str().unwrap());
                let case = format!("{}: {lookup}", one["case"]);
                assert_eq!(found.as_ref().map(|(template, _)| template.as_str()), lookup[2].as_str(), "{case}");
                if let (Some((_, bound)), Some(_)) = (&found, lookup.get(3)) {
                    assert_eq!(*bound, pairs(&lookup[3]), "{case}");
                }
                looked_up += 1;
            }
        }
    }
    let none = table["none"].as_array().unwrap();
    none.iter().for_each(|text| assert_eq!(Template::parse(text.as_str().unwrap()), None, "{text}"));
    let skipped = table["skipped"].as_array().unwrap();
    skipped.iter().for_each(|one| println!("skipped: {} ({})", one["case"], one["why"]));
    println!("{} look-ups in {looked_up} tries, {} skipped", looked_up / 2, skipped.len());
    assert_eq!((looked_up / 2, none.len(), skipped.len()), (107, 8, 10));
}

#[test]
fn what_stands_behind_the_question_mark_is_read_as_the_reference_reads_it() {
    let table: Json = serde_json::from_str(CASES).unwrap();
    let queries = table["queries"].as_array().unwrap();
    for one in queries {
        assert_eq!(super::super::query(one["query"].as_str().unwrap()).unwrap().0, pairs(&one["pairs"]), "{one}");
    }
    assert_eq!(queries.len(), 6);
    let of = |text| super::super::query(text).unwrap().0;
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    assert_eq!(of("&&a=1&"), pair("a", "1"));
    assert_eq!(of("a"), pair("a", ""));
    assert_eq!(of("=1"), pair("", "1"), "a pair without a name is there, so that it is refused");
    assert_eq!(of("a=b=c%26d"), pair("a", "b=c&d"));
    for (query, field) in [("a=%FF", "a"), ("%FF=1", "%FF"), ("fields=%80", "fields")] {
        let refused = super::super::query(query).unwrap_err();
        let [wrong] = refused.violations() else { panic!("{refused:?}") };
        assert_eq!((wrong.field.as_str(), wrong.message.reason()), (field, "FIELD_UNREADABLE"), "{query}");
    }
    assert_eq!(of("a=%4"), pair("a", "%4"));
}

#[test]
fn every_escaped_character_comes_out_of_one_segment() {
    let matcher = matcher([("GET", "/{x}")]);
    for c in 0..0x7F_u8 {
        for path in [format!("/%{c:02X}"), format!("/%{c:02x}")] {
            let bound = vec![("x".to_owned(), char::from(c).to_string())];
            assert_eq!(find(&matcher, "GET", &path), Some(("/{x}".to_owned(), bound)), "{path}");
        }
    }
}

#[test]
fn a_path_of_slashes_is_walked_without_recursion() {
    let matcher = matcher([("GET", "/a/**/x")]);
    let slashes = "/".repeat(64_000);
    assert!(find(&matcher, "GET", &format!("/a/{slashes}/x")).is_some());
    assert_eq!(find(&matcher, "GET", &format!("/a/{slashes}/y")), None);
}

#[test]
fn broken_escapes_stay_and_an_escaped_percent_is_one() {
    let one = matcher([("GET", "/{x}")]);
    let many = matcher([("GET", "/{x=**}")]);
    for (path, in_one, in_many) in [
        ("/100%25", "100%", "100%"),
        ("/%252F", "%2F", "%2F"),
        ("/%2f", "/", "%2f"),
        ("/%zz", "%zz", "%zz"),
        ("/%", "%", "%"),
        ("/%+1", "%+1", "%+1"),
        ("/%FF", NO_TEXT, NO_TEXT),
        ("/%E5%BC%A0", "张", "张"),
    ] {
        assert_eq!(find(&one, "GET", path).unwrap().1[0].1, in_one, "{path}");
        assert_eq!(find(&many, "GET", path).unwrap().1[0].1, in_many, "{path}");
    }
}

#[test]
fn a_path_is_nothing_more_than_it_says() {
    let matcher = matcher([
        ("GET", "/v1/cycles"),
        ("GET", "/v1/cycles/{id}"),
        ("POST", "/v1/cycles/{id}:close"),
        ("PUT", "/v1/cycles/{id}"),
        ("GET", "/"),
    ]);
    for path in
        ["", "*", "v1/cycles", "//", "/v1", "/v1//cycles", "/v1/cycles/", "/v1/cycles/a/", "//v1/cycles", "/V1/cycles"]
    {
        assert_eq!(find(&matcher, "GET", path), None, "{path:?}");
    }
    assert_eq!(find(&matcher, "POST", "/v1/cycles/:close"), None, "an empty id is none");
    assert_eq!(find(&matcher, "POST", "/v1/cycles/a%3Aclose"), None, "an escaped colon is of the id");
    assert_eq!(find(&matcher, "GET", "/v1/c%79cles").unwrap().0, "/v1/cycles");
    assert_eq!(matcher.find("DELETE", "/v1/cycles/a"), Found::OtherMethods(vec!["GET", "PUT"]));
    assert_eq!(matcher.find("GET", "/v1/cycles/a:close"), Found::OtherMethods(vec!["POST"]));
    assert_eq!(matcher.find("DELETE", "/"), Found::OtherMethods(vec!["GET"]));
}

/// Method and path of every rpc of the contracts.
fn contracts() -> Vec<(&'static str, String)> {
    let option = classes::pool().get_extension_by_name("google.api.http").unwrap();
    let mut found = Vec::new();
    for rpc in classes::pool().services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let options = rpc.options();
        let Some(http) = options.has_extension(&option).then(|| options.get_extension(&option)) else { continue };
        let http = http.as_message().unwrap();
        let more = http.get_field_by_name("additional_bindings").unwrap();
        let more = more.as_list().unwrap().iter().map(|one| one.as_message().unwrap());
        for one in std::iter::once(http).chain(more) {
            for (field, method) in
                [("get", "GET"), ("put", "PUT"), ("post", "POST"), ("delete", "DELETE"), ("patch", "PATCH")]
            {
                let path = one.get_field_by_name(field).and_then(|path| path.as_str().map(str::to_owned));
                found.extend(path.filter(|path| !path.is_empty()).map(|path| (method, path)));
            }
        }
        let custom = http.get_field_by_name("custom");
        assert!(!matches!(custom.as_deref(), Some(Reflected::Message(one)) if one.fields().next().is_some()));
    }
    found
}

#[test]
fn no_two_rpcs_of_the_contracts_have_the_same_place() {
    let mut places = BTreeMap::new();
    let all = contracts();
    assert!(all.len() > 150);
    for (method, path) in &all {
        let mut template = Template::parse(path).unwrap_or_else(|| panic!("{path}"));
        template.variables.clear();
        let before = places.insert((method, text_of(&template)), path);
        assert_eq!(before, None, "{method} {path}");
    }
}

/// Text with all that has a meaning in an address.
fn any_id() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(
        "/:%?#& +=.~@!$'()*,;[]\"\\<>^`{|}\0\n\u{7f}é张😀\u{202e}\u{feff}".chars().collect::<Vec<_>>(),
    );
    prop::collection::vec(prop_oneof![odd, any::<char>()], 1..16).prop_map(String::from_iter)
}

/// The path of a template with these texts in place of what it leaves open.
fn expanded(template: &Template, texts: &[String]) -> String {
    let mut texts = texts.iter().cycle();
    let mut path = String::new();
    for segment in &template.segments {
        path += "/";
        match segment {
            Segment::Literal(literal) => path += literal,
            Segment::One => path.extend(utf8_percent_encode(texts.next().unwrap(), UNRESERVED)),
            Segment::Many => path.extend(utf8_percent_encode(texts.next().unwrap(), SEVERAL)),
        }
    }
    template.verb.iter().for_each(|verb| path += &format!(":{verb}"));
    path
}

/// A value as it comes out of several segments.
fn reserved_stay(text: &str) -> String {
    text.chars()
        .map(|c| if ":?#[]@!$&'()*+,;=".contains(c) { format!("%{:02X}", u32::from(c)) } else { c.to_string() })
        .collect()
}

proptest! {
    #![proptest_config(fixed(64))]

    #[test]
    fn every_path_of_the_contracts_gives_back_the_ids_that_it_was_made_of(ids in prop::collection::vec(any_id(), 4)) {
        let all = contracts();
        let matcher = matcher(all.iter().map(|(method, path)| (*method, path.as_str())));
        for (method, text) in &all {
            let template = Template::parse(text).unwrap();
            let path = expanded(&template, &ids);
            let bound: Vec<_> = template.variables.iter().map(|variable| variable.field_path.join(".")).zip(ids.clone()).collect();
            prop_assert_eq!(find(&matcher, method, &path), Some((text.clone(), bound)), "{} {}", method, path);
        }
    }
}

proptest! {
    #![proptest_config(fixed(512))]

    #[test]
    fn any_template_gives_back_what_it_was_expanded_with(template in any_template(), ids in prop::collection::vec(any_id(), 6)) {
        let path = expanded(&template, &ids);
        let mut matcher = Matcher::default();
        matcher.add("GET", template.clone(), ());
        let Found::Entry((), bound) = matcher.find("GET", &path) else { panic!("{path}") };
        let mut left = ids.iter().cycle();
        let texts: Vec<_> = template.segments.iter().map(|segment| match segment {
            Segment::Literal(literal) => (literal.clone(), literal.clone()),
            Segment::One => { let id = left.next().unwrap(); (id.clone(), reserved_stay(id).replace('/', "%2F")) }
            Segment::Many => { let id = left.next().unwrap(); (String::new(), reserved_stay(id)) }
        }).collect();
        for ((field, told), variable) in bound.iter().zip(&template.variables) {
            prop_assert_eq!(field, &variable.field_path);
            let of = &texts[variable.start..variable.start + variable.len];
            let several = of.len() > 1 || template.many() == Some(variable.start);
            let wanted = if several { of.iter().map(|(_, many)| many.as_str()).collect::<Vec<_>>().join("/") } else { of[0].0.clone() };
            prop_assert_eq!(told.as_ref(), Some(&wanted), "{}", path);
        }
    }

    #[test]
    fn any_path_is_walked_without_a_fault(template in any_template(), path in "[/a*:%2F.]{0,24}") {
        let mut matcher = Matcher::default();
        let fields = template.variables.len();
        matcher.add("GET", template, ());
        if let Found::Entry((), bound) = matcher.find("GET", &path) {
            prop_assert_eq!(bound.len(), fields);
        }
    }
}
