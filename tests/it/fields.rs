//! What follows from the data class of every field: reads of what is sensitive are written down, no answer holds what nothing
//! opens, and nobody looks for somebody by a value that he may not read. A new field or rpc stands in these tests by itself.

use bytes::Bytes;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use tally_access::{Effect, Needs, Permission, PolicyRow};
use tally_api::classes::{DataClass, answer_of, class_of, pool};
use tally_api::identity::v1 as identity;
use tally_rpc::{AUDITED, error_from, is_free};
use tally_suite::session::Session;
use tonic::{Code, Request, Status};

use crate::journey::PASSWORD;
use crate::lists::{row, rpcs, send, way_to};
use crate::stack::Stack;

/// Answers that hold a class which neither the rpc's permission nor an opener opens, and why that is right.
const ARGUED: [(&str, DataClass, &str); 25] = [
    ("tally.attendance.v1.OccupancyService/ListOccupancy", DataClass::Pii, FINDINGS),
    ("tally.attendance.v1.PrivacyService/ExportTenant", DataClass::Salary, ROW_BY_ROW),
    ("tally.attendance.v1.PrivacyService/ExportPerson", DataClass::Salary, ROW_BY_ROW),
    ("tally.compensation.v1.PrivacyService/ExportTenant", DataClass::Salary, ROW_BY_ROW),
    ("tally.compensation.v1.PrivacyService/ExportPerson", DataClass::Salary, ROW_BY_ROW),
    ("tally.identity.v1.CheckService/GetOwnAccess", DataClass::Pii, "one's own name and login"),
    ("tally.identity.v1.ErasureService/GetErasure", DataClass::Pii, "the number is for services of the suite alone"),
    ("tally.identity.v1.LoginService/ConfirmTotp", DataClass::Pii, OWN_SECRET),
    ("tally.identity.v1.LoginService/EnrollTotp", DataClass::Pii, OWN_SECRET),
    ("tally.identity.v1.ServiceAccountService/CreateApiKey", DataClass::Pii, "the key is made for who asks, once"),
    ("tally.identity.v1.ServiceAccountService/ExchangeApiKey", DataClass::Pii, OWN_SECRET),
    ("tally.identity.v1.SessionService/ListSessions", DataClass::Pii, "one's own, or through identity.login.write"),
    ("tally.identity.v1.SessionService/RefreshSession", DataClass::Pii, OWN_SECRET),
    ("tally.identity.v1.SessionService/SignIn", DataClass::Pii, OWN_SECRET),
    ("tally.identity.v1.SsoService/FinishSso", DataClass::Pii, OWN_SECRET),
    ("tally.identity.v1.TenantService/ExportTenant", DataClass::Salary, ROW_BY_ROW),
    ("tally.performance.v1.AttributionService/ListFindings", DataClass::Pii, FINDINGS),
    ("tally.performance.v1.FindingService/ApplyFix", DataClass::Pii, "what the caller sent, and the answer to it"),
    ("tally.performance.v1.FindingService/GetFinding", DataClass::Pii, FINDINGS),
    ("tally.performance.v1.FindingService/ListPersonFindings", DataClass::Pii, FINDINGS),
    ("tally.performance.v1.PrivacyService/ExportTenant", DataClass::Salary, ROW_BY_ROW),
    ("tally.performance.v1.PrivacyService/ExportPerson", DataClass::Salary, ROW_BY_ROW),
    ("tally.performance.v1.TransferService/ReleaseTransfer", DataClass::Pii, "pseudonyms, which two people let go"),
    ("tally.talent.v1.PrivacyService/ExportTenant", DataClass::Salary, ROW_BY_ROW),
    ("tally.talent.v1.PrivacyService/ExportPerson", DataClass::Salary, ROW_BY_ROW),
];
const FINDINGS: &str = "a finding names its subject by number; who may read credits or places may know whose they are";
const ROW_BY_ROW: &str = "each row is told to who may open its table there, and counted as withheld otherwise";
/// Reads that name people or logins and are no personal reads, and why.
const TELLS_NOTHING: [(&str, &str); 9] = [
    ("tally.identity.v1.AccessService/GetView", "for services of the suite alone, which decide by it"),
    ("tally.identity.v1.CheckService/BatchCheck", RIGHTS),
    ("tally.identity.v1.CheckService/Check", RIGHTS),
    ("tally.identity.v1.CheckService/GetOwnAccess", "who the caller is, and nobody else"),
    ("tally.identity.v1.CheckService/ListAllowed", "ids that a right reaches, without a word about them"),
    ("tally.identity.v1.ServiceAccountService/ListApiKeys", PROGRAMS),
    ("tally.identity.v1.ServiceAccountService/ListServiceAccounts", PROGRAMS),
    ("tally.performance.v1.ScheduleService/GetSchedule", BY_WHOSE_RIGHT),
    ("tally.performance.v1.ScheduleService/ListSchedules", BY_WHOSE_RIGHT),
];
const BY_WHOSE_RIGHT: &str =
    "the account by whose right months are closed, and ids of people who are named in or out, as cycles have them";
const RIGHTS: &str = "yes or no to a right; of somebody else's it takes reading grants where it is asked";
const PROGRAMS: &str = "accounts of programs, which are nobody";
/// Questions that anybody may ask by a value that is not free, and why.
const ASKED_BY_ANYBODY: [(&str, &str); 1] = [(
    "tally.identity.v1.DirectoryService/LocatePseudonym.pseudonym",
    "122 random bits that tell a region and nothing else",
)];
const OWN_SECRET: &str = "what the caller signs in with";

/// Why an rpc's answer does not fit its row of the policy table, a line each.
fn complaints(row: &PolicyRow, classes: impl IntoIterator<Item = DataClass>, says_masked: bool) -> Vec<String> {
    let (method, mut wrong) = (row.method, Vec::new());
    let classes: Vec<_> = classes.into_iter().filter(|class| !is_free(*class)).collect();
    for class in &classes {
        if AUDITED.contains(class) && row.effect == Effect::Read {
            wrong.push(format!("{method} shows {class:?} and is no sensitive read"));
        }
        let own = row.openers.is_empty().then(|| row.needs.permission()).flatten();
        let opened = row.openers.iter().copied().chain(own).any(|p| tally_rpc::class_of(p) == *class);
        let argued = ARGUED.iter().any(|(rpc, of, _)| *rpc == method && of == class);
        match (opened, argued) {
            (false, false) => wrong.push(format!("{method} shows {class:?}, which nothing opens: say `opened_by`")),
            (true, true) => wrong.push(format!("{method} need not be argued: {class:?} is opened")),
            (true, false) | (false, true) => {}
        }
    }
    for opener in row.openers.iter().filter(|p| !classes.contains(&tally_rpc::class_of(**p))) {
        wrong.push(format!("{method}: {opener} opens nothing that it shows"));
    }
    if says_masked == row.openers.is_empty() {
        wrong.push(format!("{method}: masked_fields and opened_by belong together"));
    }
    wrong
}

/// What is wrong with the effect of an rpc that only reads, if its answers `tell` of people or not.
fn forgotten(row: &PolicyRow, tells: bool) -> Option<String> {
    let argued = TELLS_NOTHING.iter().any(|(rpc, _)| *rpc == row.method);
    match (row.effect, tells) {
        (Effect::Read, true) if !argued => Some(format!("{} tells of people and is no PersonalRead", row.method)),
        (Effect::PersonalRead, false) => Some(format!("{} tells of nobody and is a PersonalRead", row.method)),
        (Effect::Read, false) | (Effect::PersonalRead | Effect::SensitiveRead | Effect::Change, _) if argued => {
            Some(format!("{} need not be argued", row.method))
        }
        (Effect::Read | Effect::PersonalRead | Effect::SensitiveRead | Effect::Change, _) => None,
    }
}

#[test]
fn every_read_that_tells_of_people_is_written_down_when_it_shows_somebody_else() {
    let known = rpcs();
    let tells = |rpc: &str| answer_of(rpc).expect("an answer").tells_of_people();
    let mut wrong: Vec<_> = known.iter().filter_map(|rpc| forgotten(&row(rpc), tells(rpc))).collect();
    let strangers = TELLS_NOTHING.iter().filter(|(rpc, _)| !known.iter().any(|k| k == rpc));
    wrong.extend(strangers.map(|(rpc, _)| format!("no rpc {rpc}")));
    assert!(wrong.is_empty(), "{wrong:#?}");

    let punches = row("tally.attendance.v1.PunchService/ListPunches");
    assert!(tells(punches.method));
    assert!(forgotten(&PolicyRow { effect: Effect::Read, ..punches }, true).is_some(), "a new one is found");
    assert!(forgotten(&punches, false).is_some());
}

#[test]
fn every_answer_holds_only_what_something_opens_and_sensitive_reads_are_written_down() {
    let mut wrong = Vec::new();
    for rpc in rpcs() {
        let (service, name) = rpc.split_once('/').expect("a method");
        let service = pool().get_service_by_name(service).expect("a service");
        let method = service.methods().find(|method| method.name() == name).expect("a method");
        let classes = answer_of(&rpc).expect("an answer").classes();
        wrong.extend(complaints(&row(&rpc), classes, method.output().get_field_by_name("masked_fields").is_some()));
    }
    let known = rpcs();
    wrong.extend(
        ARGUED.iter().filter(|(rpc, ..)| !known.iter().any(|k| k == rpc)).map(|(rpc, ..)| format!("no rpc {rpc}")),
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_row_that_does_not_fit_its_answer_is_found() {
    let read = row("tally.compensation.v1.SettlementService/GetSettlement");
    let pay = [DataClass::Internal, DataClass::Salary];
    assert!(complaints(&read, pay, true).is_empty());
    assert_eq!(complaints(&PolicyRow { effect: Effect::Read, ..read }, pay, true).len(), 1);
    assert_eq!(complaints(&PolicyRow { openers: &[], ..read }, pay, false).len(), 1, "settlement.read opens no pay");
    assert_eq!(complaints(&read, pay, false).len(), 1);
    assert_eq!(complaints(&read, [DataClass::Internal], true).len(), 1);
    assert_eq!(complaints(&read, [DataClass::Salary, DataClass::Medical], true).len(), 1);
}

/// A question with one field set, as sent.
struct Question {
    rpc: String,
    path: String,
    class: DataClass,
    bytes: Bytes,
}

/// Every question by which a reading rpc could tell a value that not everybody may read.
fn questions() -> Vec<Question> {
    let mut all = Vec::new();
    for service in pool().services().filter(|service| service.full_name().starts_with("tally.")) {
        for method in service.methods() {
            let rpc = format!("{}/{}", service.full_name(), method.name());
            if row(&rpc).effect == Effect::Change {
                continue;
            }
            for (path, class, message) in asked(&method.input()) {
                let bytes = prost::Message::encode_to_vec(&message).into();
                all.push(Question { rpc: rpc.clone(), path, class, bytes });
            }
        }
    }
    all
}

/// The fields of a question that are not free, at any depth, each alone in a message.
fn asked(message: &MessageDescriptor) -> Vec<(String, DataClass, DynamicMessage)> {
    let mut all = Vec::new();
    for field in message.fields() {
        let with = |value: Value| {
            let mut message = DynamicMessage::new(message.clone());
            message.set_field(&field, if field.is_list() { Value::List(vec![value]) } else { value });
            message
        };
        match field.kind().as_message() {
            Some(inner) if inner.full_name().starts_with("tally.") => {
                let below = asked(inner).into_iter();
                all.extend(
                    below.map(|(path, class, m)| (format!("{}.{path}", field.name()), class, with(Value::Message(m)))),
                );
            }
            _ => {
                let class = class_of(field.full_name());
                if !is_free(class) {
                    all.push((field.name().to_owned(), class, with(something(&field))));
                }
            }
        }
    }
    all
}

fn something(field: &FieldDescriptor) -> Value {
    match field.kind() {
        Kind::String => Value::String("1".into()),
        Kind::Bytes => Value::Bytes(Bytes::from_static(b"1")),
        Kind::Bool => Value::Bool(true),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(1),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(1),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(1),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(1),
        Kind::Float => Value::F32(1.0),
        Kind::Double => Value::F64(1.0),
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::Message(other) => Value::Message(DynamicMessage::new(other)),
    }
}

#[tokio::test]
async fn nobody_looks_for_somebody_by_what_he_may_not_read() {
    let stack = Stack::one_process(None).await;
    let admin = group(&stack).await;
    let questions = questions();
    let by = |path: &str| questions.iter().any(|q| q.rpc.ends_with("PersonService/GetPerson") && q.path == path);
    assert!(by("employee_no") && by("id_number"), "the walk finds what is there");
    for (at, question) in questions.iter().enumerate() {
        let Question { rpc, path, class, .. } = question;
        let Needs::Permission(permission) = row(rpc).needs else {
            let argued = ASKED_BY_ANYBODY.iter().any(|(question, _)| *question == format!("{rpc}.{path}"));
            assert!(argued, "{rpc}.{path} is {class:?}, and anybody asks");
            continue;
        };
        if tally_rpc::class_of(permission) == *class {
            continue;
        }
        // With the rpc's own permission and nothing else, and with all that a branch's HR may read.
        let bare = somebody(&admin, &format!("bare_{at}"), Role::Own(permission)).await;
        let refused = ask(&stack, &bare, question).await;
        assert_eq!(refused.code(), Code::PermissionDenied, "{rpc} tells by {path}: {refused:?}");
        let error = error_from(refused);
        assert_eq!(error.reason(), "FIELD_NOT_READABLE", "{rpc} {path}: {error:?}");
        let entitled = somebody(&admin, &format!("entitled_{at}"), Role::Ready("group_hr")).await;
        let answered = ask(&stack, &entitled, question).await;
        assert_ne!(answered.code(), Code::PermissionDenied, "{rpc} {path}: {answered:?}");
    }
}

async fn ask(stack: &Stack, by: &Session, question: &Question) -> Status {
    let request: Request<Bytes> = by.ask(question.bytes.clone());
    send(way_to(&stack.channels, &question.rpc), &question.rpc, request).await
}

/// A group without people, and its administrator.
async fn group(stack: &Stack) -> Session {
    let ask = identity::InitTenantRequest {
        name: "Fields".into(),
        currency: "CNY".into(),
        zone: "Asia/Shanghai".into(),
        regions: vec!["cn-north".into()],
        admin_login: "admin".into(),
        admin_password: PASSWORD.into(),
        ..Default::default()
    };
    let mut client = identity::tenant_service_client::TenantServiceClient::new(stack.channels.identity.clone());
    client.init_tenant(ask).await.expect("a group");
    Session::sign_in(&stack.channels, "admin", PASSWORD).await.expect("a session")
}

enum Role {
    /// Made for the occasion, with this permission alone.
    Own(Permission),
    Ready(&'static str),
}

/// A login with this role over the whole group.
async fn somebody(admin: &Session, login: &str, role: Role) -> Session {
    let channel = admin.at.identity.clone();
    let role = match role {
        Role::Ready(name) => name.to_owned(),
        Role::Own(permission) => {
            let mut roles = identity::role_service_client::RoleServiceClient::new(channel.clone());
            let role = identity::Role {
                name: login.into(),
                description: "asks".into(),
                permissions: vec![permission.name().into()],
                scopes: vec![identity::ScopeKind::Tenant.into()],
                ..Default::default()
            };
            let ask = identity::DefineRoleRequest { role: Some(role), reason: "asks".into(), ..Default::default() };
            roles.define_role(admin.ask(ask)).await.expect("a role");
            login.to_owned()
        }
    };
    let mut sessions = identity::session_service_client::SessionServiceClient::new(channel.clone());
    let ask = identity::CreateLoginRequest {
        login: login.into(),
        password: PASSWORD.into(),
        person_id: String::new(),
        ..Default::default()
    };
    let principal_id = sessions.create_login(admin.ask(ask)).await.expect("a login").into_inner().principal_id;
    let grant = identity::Grant {
        principal_id,
        role,
        scope: identity::ScopeKind::Tenant.into(),
        valid_from: "2026-01-01".into(),
        reason: "asks".into(),
        ..Default::default()
    };
    let mut access = identity::access_service_client::AccessServiceClient::new(channel);
    let ask = identity::GrantRoleRequest { grant: Some(grant), ..Default::default() };
    access.grant_role(admin.ask(ask)).await.expect("a grant");
    Session::sign_in(&admin.at, login, PASSWORD).await.expect("a session")
}
