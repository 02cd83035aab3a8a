//! Every rpc of the contracts whose answers tell of people leaves an entry when it shows somebody else, and one alone.

use axum::Router;
use axum::extract::Request as Asked;
use http_body_util::{BodyExt as _, Full};
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value};
use tally_access::{Effect, Needs, PolicyRow};
use tally_api::classes::{DataClass, answer_of, class_of, pool};
use tally_kernel::id::{PersonId, TenantId};
use tally_rpc::{in_process, is_free};
use tally_testkit::{Callers, clock};
use tonic::body::Body;
use tonic::service::Routes;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::replicas::UNLIMITED;

/// Somebody whom nobody of these tests is.
const OTHER: Uuid = Uuid::from_u128(99);
/// How deep messages are filled.
const DEEP: u8 = 6;

/// The rpcs that answer with one message and tell of people.
fn telling() -> Vec<(&'static str, MethodDescriptor)> {
    let services = pool().services().filter(|service| service.full_name().starts_with("tally."));
    let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
    let named = methods.map(|m| (format!("{}/{}", m.parent_service().full_name(), m.name()), m));
    let told = named.filter(|(name, _)| answer_of(name).is_some_and(|a| !a.streams() && a.tells_of_people()));
    told.map(|(name, method)| (&*name.leak(), method)).collect()
}

/// What makes a read a sensitive one.
const WATCHED: [DataClass; 5] =
    [DataClass::Salary, DataClass::IdNumber, DataClass::Medical, DataClass::Rating, DataClass::Location];

/// A message that says something in every field, or in every one that is not sensitive, and names [`OTHER`] wherever it names
/// somebody.
fn filled(message: &MessageDescriptor, sensitive: bool, depth: u8) -> DynamicMessage {
    let mut full = DynamicMessage::new(message.clone());
    let said = |field: &FieldDescriptor| sensitive || !WATCHED.contains(&class_of(field.full_name()));
    for field in message.fields().filter(|field| !field.is_map() && said(field)) {
        let Some(value) = something(&field, sensitive, depth) else { continue };
        full.set_field(&field, if field.is_list() { Value::List(vec![value]) } else { value });
    }
    full
}

fn something(field: &FieldDescriptor, sensitive: bool, depth: u8) -> Option<Value> {
    let id = field.name().ends_with("_id") || field.name().ends_with("_ids");
    Some(match field.kind() {
        Kind::String => Value::String(if id { OTHER.to_string() } else { "1".into() }),
        Kind::Bytes => Value::Bytes(vec![1].into()),
        Kind::Bool => Value::Bool(true),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(1),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(1),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(1),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(1),
        Kind::Float => Value::F32(1.0),
        Kind::Double => Value::F64(1.0),
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::Message(inner) if depth > 0 => Value::Message(filled(&inner, sensitive, depth - 1)),
        Kind::Message(_) => return None,
    })
}

fn framed(message: &DynamicMessage) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0], &length[..], &bytes].concat()
}

/// Whether a message names people or logins.
fn names_somebody(message: &MessageDescriptor, depth: u8) -> bool {
    message.fields().any(|field| {
        let inner = field.kind().as_message().is_some_and(|inner| depth > 0 && names_somebody(inner, depth - 1));
        inner || ["person_id", "person_ids", "manager_id", "principal_id"].contains(&field.name())
    })
}

/// Answers every rpc with a message that says everything it can.
async fn answer(asked: Asked, sensitive: bool) -> http::Response<axum::body::Body> {
    let (service, name) = asked.uri().path().trim_start_matches('/').split_once('/').unwrap();
    let service = pool().get_service_by_name(service).unwrap();
    let method = service.methods().find(|method| method.name() == name).unwrap();
    let trailers = http::HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), 0.into())]);
    let body = Full::new(framed(&filled(&method.output(), sensitive, DEEP)).into())
        .with_trailers(async { Some(Ok(trailers)) });
    let answer = http::Response::builder().header("content-type", "application/grpc");
    answer.body(axum::body::Body::new(body)).unwrap()
}

#[tokio::test]
async fn every_rpc_that_shows_somebody_else_leaves_an_entry() {
    let told = telling();
    for known in ["PersonService/GetPerson", "PersonService/ListPeople", "PunchService/ListPunches"] {
        assert!(told.iter().any(|(name, _)| name.ends_with(known)), "the walk finds {known}");
    }
    let effects = [Effect::PersonalRead, Effect::SensitiveRead];
    for (effect, sensitive) in effects.into_iter().flat_map(|effect| [(effect, true), (effect, false)]) {
        let row = |&(method, _): &(&'static str, _)| PolicyRow {
            method,
            needs: Needs::SignIn,
            effect,
            openers: &[],
            vital: false,
        };
        let policy: &'static [PolicyRow] = told.iter().map(row).collect::<Vec<_>>().leak();
        let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 3);
        let own = PersonId(Uuid::from_u128(1));
        let caller = callers.person(TenantId(Uuid::from_u128(2)), Some(own), []);
        let routes = Routes::from(Router::new().fallback(move |asked: Asked| answer(asked, sensitive)));
        let guarded = callers.stack("probe", policy, UNLIMITED).guard(routes);
        let channel = in_process(&guarded);
        let mut wrong = Vec::new();
        for (name, method) in &told {
            let before = callers.readings().len();
            let asked = http::Request::post(format!("http://probe/{name}"))
                .header("content-type", "application/grpc")
                .header("authorization", format!("Bearer {}", caller.token))
                .body(Body::new(Full::new(framed(&filled(&method.input(), true, DEEP)).into())))
                .unwrap();
            let reply = channel.clone().oneshot(asked).await.unwrap();
            let status = reply.headers().get("grpc-status").cloned();
            let ended = reply.into_body().collect().await.unwrap().trailers().cloned();
            assert_eq!((status, ended.is_some()), (None, true), "{name} answers");
            // What holds ids alone, the log itself, is no sensitive read for what it shows and writes its own entry.
            let free = answer_of(name).unwrap().classes().iter().all(|class| is_free(*class));
            let shows = names_somebody(&method.output(), DEEP) || sensitive && !free;
            let wanted = usize::from(effect == Effect::PersonalRead || !free);
            let left = callers.readings().len() - before;
            if shows && left != wanted {
                wrong.push(format!("{name} as {effect}, sensitive or not ({sensitive}): {left} entries, not {wanted}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
