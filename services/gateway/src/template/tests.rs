use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value as Json;

use super::*;

/// The templates of other people's tests; where they come from stands in the file.
const CASES: &str = include_str!("../../tests/data/transcoding/templates.json");

fn texts(list: &Json) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|one| one.as_str().expect("a text")).collect()
}

fn written(segment: &Segment) -> &str {
    match segment {
        Segment::Literal(literal) => literal,
        Segment::One => "*",
        Segment::Many => "**",
    }
}

/// The segment that a number of the table means: below nought it counts from the end, from -1 on.
fn place(number: i64, segments: usize) -> usize {
    usize::try_from(number).unwrap_or_else(|_| segments - usize::try_from(-number - 1).unwrap())
}

#[test]
fn templates_are_read_as_the_reference_reads_them() {
    let table: Json = serde_json::from_str(CASES).unwrap();
    let (cases, none) = (table["cases"].as_array().unwrap(), texts(&table["none"]));
    for case in cases {
        let text = case["template"].as_str().unwrap();
        let read = Template::parse(text).unwrap_or_else(|| panic!("{case}"));
        assert_eq!(read.segments.iter().map(written).collect::<Vec<_>>(), texts(&case["segments"]), "{case}");
        if let Some(verb) = case["verb"].as_str() {
            assert_eq!(read.verb.as_deref().unwrap_or_default(), verb, "{case}");
        }
        if let Some(variables) = case["variables"].as_array() {
            let said = |one: &Json| {
                let end = place(one[2].as_i64().unwrap(), read.segments.len());
                let start = usize::try_from(one[1].as_i64().unwrap()).unwrap();
                let field_path = one[0].as_str().unwrap().split('.').map(str::to_owned).collect();
                Variable { field_path, start, len: end - start }
            };
            assert_eq!(read.variables, variables.iter().map(said).collect::<Vec<_>>(), "{case}");
        }
    }
    for text in &none {
        assert_eq!(Template::parse(text), None, "{text}");
    }
    println!("{} templates and {} that are none; nothing skipped", cases.len(), none.len());
    assert_eq!((cases.len(), none.len()), (44, 47));
}

#[test]
fn what_the_grammar_leaves_open_is_refused_rather_than_guessed() {
    for text in [
        "/{1a}",
        "/{a-b}",
        "/{a..b}",
        "/{.a}",
        "/{a.}",
        "/a*",
        "/***",
        "/a:b:c",
        "/a:b/c",
        "/{a=}",
        "/{a}{b}",
        "/a=b",
        "/{a=**}/{b}",
    ] {
        assert_eq!(Template::parse(text), None, "{text}");
    }
}

/// A template as its text is written.
pub fn text_of(template: &Template) -> String {
    let mut text = String::new();
    for (at, segment) in template.segments.iter().enumerate() {
        let opens = template.variables.iter().find(|variable| variable.start == at);
        let closes = template.variables.iter().any(|variable| variable.start + variable.len == at + 1);
        text += "/";
        if let Some(variable) = opens {
            text += &format!("{{{}=", variable.field_path.join("."));
        }
        text += written(segment);
        text += if closes { "}" } else { "" };
    }
    if text.is_empty() {
        text += "/";
    }
    template.verb.iter().for_each(|verb| text += &format!(":{verb}"));
    text
}

/// Any template that has a text.
pub fn any_template() -> impl Strategy<Value = Template> {
    let literal = || "[a-z][A-Za-z0-9_.~-]{0,6}";
    let before = prop_oneof![3 => literal().prop_map(Segment::Literal), 2 => Just(Segment::One)];
    let after = prop::option::of(prop::collection::vec(literal().prop_map(Segment::Literal), 0..3));
    let field = prop::collection::vec("[a-z_][a-z0-9_]{0,4}", 1..3);
    let variables = prop::collection::vec((field, 0_usize..3, 1_usize..4), 0..4);
    (prop::collection::vec(before, 1..5), after, variables, prop::option::of("[a-z][A-Za-z]{0,8}")).prop_map(
        |(mut segments, after, wanted, verb)| {
            if let Some(literals) = after {
                segments.push(Segment::Many);
                segments.extend(literals);
            }
            let (mut variables, mut free) = (Vec::new(), 0);
            for (field_path, gap, len) in wanted {
                let (start, end) = (free + gap, (free + gap + len).min(segments.len()));
                if start < end {
                    variables.push(Variable { field_path, start, len: end - start });
                    free = end;
                }
            }
            Template { segments, verb, variables }
        },
    )
}

/// The same cases on every machine.
pub fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(14), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(fixed(512))]

    #[test]
    fn a_template_that_is_written_is_read_back(template in any_template()) {
        let text = text_of(&template);
        let read = Template::parse(&text);
        prop_assert_eq!(read.as_ref(), Some(&template), "{}", text);
        // `{a}` is short for `{a=*}`.
        prop_assert_eq!(Template::parse(&text.replace("=*}", "}")), Some(template));
    }

    #[test]
    fn any_text_is_a_template_or_none(text in "/?[a-z/{}=.*:]{0,12}") {
        if let Some(read) = Template::parse(&text) {
            prop_assert_eq!(Template::parse(&text_of(&read)), Some(read));
        }
    }
}
