//! The questions of other people's tests, over a contract that is made here.

use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto,
};
use prost_reflect::{DescriptorPool, MethodDescriptor};

use super::*;

/// The cases; where they come from stands in the file.
pub const CASES: &str = include_str!("../../../../tests/data/transcoding/messages.json");

/// Messages, and their fields with kinds; a list has `[]` behind its kind.
const MESSAGES: [(&str, &str); 7] = [
    ("Shelf", "name: string, theme: string"),
    ("Bio", "year_born: int64, year_died: int64, text: string"),
    ("AuthorInfo", "first_name: string, last_name: string, bio: Bio"),
    ("Book", "name: string, author: string, title: string, author_info: AuthorInfo"),
    ("CreateBookRequest", "shelf: int64, book: Book"),
    ("ListShelvesResponse", "shelves: Shelf[]"),
    ("GetShelfRequest", "shelf: int64"),
];
const NODE: &str = "x: string, y: string, z: string, u: string, x2: string, y2: string, z2: string, u2: string, by: bytes, i: int32, \
    ui: uint32, i64: int64, ui64: uint64, flag: bool, null: string, A: Node, B: Node, C: Node, D: Node, E: Node, L: Node[], bool_field: bool, \
    int32_field: int32, uint32_field: uint32, int64_field: int64, uint64_field: uint64, string_field: string, float_field: float, \
    double_field: double, bytes_field: bytes, B_bool_field: bool";

fn field(number: usize, said: &str) -> FieldDescriptorProto {
    let (name, kind) = said.split_once(": ").unwrap();
    let (kind, label) = kind.strip_suffix("[]").map_or((kind, Label::Optional), |kind| (kind, Label::Repeated));
    let mut field =
        FieldDescriptorProto { name: Some(name.to_owned()), number: Some(number as i32 + 1), ..Default::default() };
    field.set_label(label);
    match Type::from_str_name(&format!("TYPE_{}", kind.to_uppercase())) {
        Some(scalar) => field.set_type(scalar),
        None => field.type_name = Some(format!(".shop.{kind}")),
    }
    field
}

fn message((name, fields): (&str, &str)) -> DescriptorProto {
    let field = fields.split(", ").enumerate().map(|(number, said)| field(number, said)).collect();
    DescriptorProto { name: Some(name.to_owned()), field, ..Default::default() }
}

/// The rpcs of the made contract: one for each message, which it takes and gives.
static SHOP: LazyLock<Vec<MethodDescriptor>> = LazyLock::new(|| {
    let messages: Vec<_> = MESSAGES.into_iter().chain([("Node", NODE)]).map(message).collect();
    let rpc = |name: String| MethodDescriptorProto {
        name: Some(format!("Ask{}", name.rsplit('.').next().unwrap())),
        input_type: Some(name.clone()),
        output_type: Some(name),
        ..Default::default()
    };
    let names = messages.iter().map(|message| format!(".shop.{}", message.name()));
    let method = names.chain([".google.protobuf.Struct".to_owned()]).map(rpc).collect();
    let mut pool = DescriptorPool::global();
    pool.add_file_descriptor_proto(FileDescriptorProto {
        name: Some("shop.proto".to_owned()),
        package: Some("shop".to_owned()),
        dependency: vec!["google/protobuf/struct.proto".to_owned()],
        message_type: messages,
        service: vec![ServiceDescriptorProto { name: Some("Shop".to_owned()), method, ..Default::default() }],
        syntax: Some("proto3".to_owned()),
        ..Default::default()
    })
    .unwrap();
    pool.get_service_by_name("shop.Shop").unwrap().methods().collect()
});

/// The rule of a message's rpc, with this field in the body, or `*`.
pub fn shop(message: &str, body: &str) -> Rule {
    let found = SHOP.iter().find(|rpc| rpc.input().full_name().rsplit('.').next() == message.rsplit('.').next());
    let rpc = found.unwrap_or_else(|| panic!("{message}")).clone();
    let body = match rpc.input().get_field_by_name(body) {
        Some(field) => BodyRule::Field(field),
        None => BodyRule::Whole,
    };
    Rule { rpc, body, ..rule("CycleService/CloseCycle").clone() }
}

fn bound(case: &Json) -> Vec<(&str, &str)> {
    let pairs = case["bind"].as_array().map(Vec::as_slice).unwrap_or_default();
    pairs.iter().map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
}

#[test]
fn questions_are_woven_as_the_reference_weaves_them() {
    let table: Json = serde_json::from_str(CASES).unwrap();
    let cases = table["cases"].as_array().unwrap();
    for case in cases {
        let rule = shop(case["message"].as_str().unwrap(), case["body_field"].as_str().unwrap_or("*"));
        let path = bound(case);
        let woven = Asked { path: &path, ..Asked::default() }.ask(&rule, case["body"].as_str().unwrap().as_bytes());
        match &case["question"] {
            Json::Null => {
                assert!(woven.is_err_and(|e| e.kind() == tally_kernel::error::Kind::InvalidArgument), "{case}")
            }
            wanted => {
                let wanted = DynamicMessage::deserialize(rule.rpc.input(), wanted).unwrap();
                assert_eq!(woven.unwrap_or_else(|e| panic!("{case}: {e:?}")), wanted, "{case}");
            }
        }
    }
    let skipped = table["skipped"].as_array().unwrap();
    skipped.iter().for_each(|one| println!("skipped: {}: {} ({})", one["from"], one["case"], one["why"]));
    println!("{} cases, {} skipped", cases.len(), skipped.len());
    assert_eq!((cases.len(), skipped.len()), (58, 25));
}

#[test]
fn what_is_long_is_read_whole() {
    for size in [1, 256, 1_024, 1_234, 4_096, 65_537] {
        let theme: String = "0123456789abcdefgh".chars().cycle().take(size).collect();
        let said = serde_json::json!({ "name": "1", "theme": theme });
        assert_eq!(Asked::default().json(&shop("Shelf", "*"), said.to_string().as_bytes()), said);
    }
}

/// The rules that other people's tests register, by what the contracts have of them.
#[test]
fn rules_are_read_as_the_reference_reads_them() {
    let row = |rpc: &str, binding: usize| {
        let found = RULES.iter().find(|rule| rule.name.ends_with(rpc) && rule.binding == binding).unwrap();
        let body = match &found.body {
            BodyRule::None => "",
            BodyRule::Whole => "*",
            BodyRule::Field(field) => field.name(),
        };
        (found.verb, found.path.clone(), body.to_owned())
    };
    for (rpc, binding, verb, path, body) in [
        ("/GetCycle", 0, "GET", "/v1/cycles/{cycle_id}", ""),
        ("/SetModules", 0, "PUT", "/v1/modules", "*"),
        ("/UpdateMeasure", 0, "PUT", "/v1/measures/{measure.measure_id}", "measure"),
        ("/CreateCycle", 0, "POST", "/v1/cycles", "cycle"),
        ("/DeleteSchedule", 0, "DELETE", "/v1/schedules/{schedule_id}", ""),
        ("PersonService/GetPerson", 0, "GET", "/v1/people/{person_id}", ""),
        ("PersonService/GetPerson", 1, "POST", "/v1/people:lookup", "*"),
    ] {
        assert_eq!(row(rpc, binding), (verb, path.to_owned(), body.to_owned()), "{rpc}");
    }
    let streams = RULES.iter().filter(|rule| rule.rpc.is_client_streaming()).map(|rule| rule.rpc.name().to_owned());
    assert_eq!(
        streams.collect::<Vec<_>>(),
        ["StreamObservations", "StreamReplies"],
        "each takes one question over REST"
    );
    assert!(RULES.iter().all(|rule| rule.verb != "PATCH" && rule.path != "/"));
    let without = classes::pool().services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let silent = without.filter(|rpc| RULES.iter().all(|rule| rule.rpc != *rpc)).count();
    assert!(silent > 0, "an rpc without the option has no rule");
}
