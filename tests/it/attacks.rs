//! What attackers try: ids of another group in every rpc, page tokens that were tampered with, messages too large or no
//! messages at all. Made from the contracts, so that a new rpc is tried without anybody thinking of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MethodDescriptor, Value};
use tally_access::{Effect, roles};
use tally_api::classes::pool;
use tally_api::identity::v1 as identity;
use tally_store::orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use tally_suite::session::{Channels, Session};
use tally_suite::suite::SERVICES;
use tally_testkit::NEVER;
use tonic::{Code, Status};

use crate::journey::{Done, PASSWORD, main_job};
use crate::lists::{Raw, row, rpcs};
use crate::stack::Stack;
use crate::{rooms, snapshot};

mod forge;

/// Tables that go on by themselves: positions in the logs.
const MOVING: [&str; 4] = ["audit", "audit_people", "outbox", "log_heads"];

/// Rpcs after which a group can do nothing more.
const OWN_END: [&str; 2] =
    ["tally.identity.v1.EntitlementService/SetModules", "tally.identity.v1.TenantService/SuspendTenant"];

/// All answers of one call, and how it ended.
struct Answered {
    status: Status,
    bytes: Vec<u8>,
}

fn channel<'c>(channels: &'c Channels, rpc: &str) -> &'c tally_rpc::RpcChannel {
    match rpc.split('.').nth(1) {
        Some("identity") => &channels.identity,
        Some("attendance") => &channels.attendance,
        Some("performance") => &channels.performance,
        Some("compensation") => &channels.compensation,
        _ => &channels.talent,
    }
}

/// Sends bytes as somebody and reads the answer to its end.
async fn call(who: &Session, rpc: &str, bytes: Vec<u8>) -> Answered {
    let mut client = tonic::client::Grpc::new(channel(&who.at, rpc).clone());
    client.ready().await.expect("a channel");
    let mut request = who.ask(Bytes::from(bytes));
    request.set_timeout(NEVER);
    let path = format!("/{rpc}").parse().expect("a path");
    let mut stream = match client.server_streaming(request, path, Raw).await {
        Err(status) => return Answered { status, bytes: Vec::new() },
        Ok(reply) => reply.into_inner(),
    };
    let mut bytes = Vec::new();
    loop {
        match stream.message().await {
            Ok(Some(part)) => bytes.extend_from_slice(&part),
            Ok(None) => return Answered { status: Status::ok(""), bytes },
            Err(status) => return Answered { status, bytes },
        }
    }
}

fn methods() -> BTreeMap<String, MethodDescriptor> {
    let of = |rpc: String| {
        let (service, name) = rpc.split_once('/').expect("a method");
        let method = pool().get_service_by_name(service)?.methods().find(|method| method.name() == name)?;
        Some((rpc, method))
    };
    rpcs().into_iter().filter_map(of).collect()
}

/// The owner's eyes on all groups.
struct Eyes(DatabaseConnection);

impl Eyes {
    async fn open(stack: &Stack) -> Self {
        let url = stack.database.as_ref().expect("PostgreSQL").owner_url();
        Self(Database::connect(ConnectOptions::new(url)).await.expect("the owner"))
    }

    async fn texts(&self, sql: String) -> Vec<String> {
        let rows = self.0.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("rows");
        rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
    }

    async fn tables(&self) -> Vec<String> {
        let schemas: Vec<_> = SERVICES.iter().map(|part| format!("'{}'", part.name)).collect();
        let sql = format!(
            "SELECT table_schema::text || '.' || table_name::text FROM information_schema.columns \
             WHERE column_name = 'tenant_id' AND table_schema IN ({}) ORDER BY 1",
            schemas.join(", ")
        );
        self.texts(sql).await
    }

    /// Every row of a group, by table, as text; of the logs only how many entries there are.
    async fn rows(&self, tenant: &str) -> BTreeMap<String, Vec<String>> {
        let mut all = BTreeMap::new();
        for table in self.tables().await {
            let moves = table.split('.').nth(1).is_some_and(|name| MOVING.contains(&name));
            let what = if moves { "count(*)::text" } else { "t::text" };
            let sql = format!("SELECT {what} FROM {table} t WHERE tenant_id = '{tenant}' ORDER BY 1");
            all.insert(table.clone(), self.texts(sql).await);
        }
        all
    }

    /// Some id of the group for every field that takes one; a made-up one where the group has no such thing.
    async fn ids(&self, tenant: &str) -> forge::Ids {
        let mut ids = forge::Ids::new();
        for (field, place) in forge::SOURCES {
            let (table, column) = place.rsplit_once('.').expect("a column");
            let sql = format!("SELECT {column}::text FROM {table} WHERE tenant_id = '{tenant}' ORDER BY 1 LIMIT 1");
            let found = self.texts(sql).await.pop();
            ids.insert(field, found.unwrap_or_else(|| "0199cccc-0000-7000-8000-00000000000c".to_owned()));
        }
        ids
    }
}

/// All that looks like an id.
fn uuids(text: &str) -> BTreeSet<String> {
    let fits = |part: &[u8]| {
        part.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let found = text.as_bytes().windows(36).filter(|part| fits(part));
    found.map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

/// One login for every ready role, in a group that was invited.
async fn attackers(stack: &Stack) -> BTreeMap<&'static str, Session> {
    let invited = stack.tally(&["invite"]).output().await.expect("the program runs");
    let invitation = String::from_utf8(invited.stdout).expect("text").trim().to_owned();
    let ask = identity::InitTenantRequest {
        name: "Attackers".into(),
        currency: "CNY".into(),
        zone: "Asia/Shanghai".into(),
        regions: vec!["elsewhere".into()],
        admin_login: "mallory".into(),
        admin_password: PASSWORD.into(),
        invitation,
        ..Default::default()
    };
    let mut tenants = identity::tenant_service_client::TenantServiceClient::new(stack.channels.identity.clone());
    tenants.init_tenant(ask).await.expect("a second group");
    let admin = Session::sign_in(&stack.channels, "mallory", PASSWORD).await.expect("a session");
    let mut all = BTreeMap::new();
    for role in roles::READY.iter().filter(|role| role.scopes.contains(&tally_access::ScopeKind::Tenant)) {
        let login = format!("mallory-{}", role.name.replace('_', "-"));
        let session = crate::rooms::access::somebody(&admin, &login, role.name).await;
        all.insert(role.name, session);
    }
    all.insert("group_admin", admin);
    all
}

/// Whoever of the attackers may call this in a group of his own; else just anybody.
fn caller<'a>(attackers: &'a BTreeMap<&'static str, Session>, rpc: &str) -> &'a Session {
    let may = row(rpc).needs.permission().and_then(|permission| {
        let has = |role: &&roles::Role| role.permissions.contains(&permission) && attackers.contains_key(role.name);
        roles::READY.iter().find(has).map(|role| role.name)
    });
    &attackers[may.unwrap_or("auditor")]
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_knows_the_ids_of_another_group_gets_at_nothing_with_them() {
    let stack = Stack::five_processes(None).await;
    let done = main_job(&stack).await;
    Box::pin(rooms::everything(&stack, &done)).await;
    let attackers = attackers(&stack).await;
    let eyes = Eyes::open(&stack).await;
    let victim = done.tenant.to_string();
    let own = eyes.texts("SELECT id::text FROM identity.tenants WHERE name = 'Attackers'".into()).await.remove(0);
    let before = eyes.rows(&victim).await;
    let shared = uuids(&format!("{:?}", eyes.rows(&own).await));
    let secret: BTreeSet<String> =
        before.values().flatten().flat_map(|row| uuids(row)).filter(|id| !shared.contains(id)).collect();
    assert!(secret.len() > 1_000, "a month has many ids: {}", secret.len());
    let ids = eyes.ids(&victim).await;

    let mut told =
        String::from("# rpc: what it says to whoever brings the ids of another group, and may do it in his own.\n");
    let mut unnamed = Vec::new();
    // What takes the attackers' own group away comes last.
    let (last, first): (Vec<_>, Vec<_>) = methods().into_iter().partition(|(rpc, _)| OWN_END.contains(&rpc.as_str()));
    for (rpc, method) in first.into_iter().chain(last) {
        // What ends the caller's own session is tried by nobody.
        if rpc.ends_with("/EndAllSessions") {
            continue;
        }
        let sent = forge::forge(&method.input(), &ids);
        let answered = call(caller(&attackers, &rpc), &rpc, sent.encode_to_vec()).await;
        let code = answered.status.code();
        assert_ne!(code, Code::Internal, "{rpc}: {:?}", answered.status);
        let shown = String::from_utf8_lossy(&answered.bytes).into_owned() + answered.status.message();
        let known = uuids(&format!("{sent:?}"));
        let leaked: Vec<_> =
            uuids(&shown).into_iter().filter(|id| secret.contains(id) && !known.contains(id)).collect();
        assert!(leaked.is_empty(), "{rpc} tells another group's ids: {leaked:?}");
        let reason = if code == Code::Ok {
            ""
        } else {
            let error = tally_rpc::error_from(answered.status);
            unnamed.extend(fields_of_no_contract(&rpc, &method, &error));
            error.reason()
        };
        writeln!(told, "{rpc} {code:?} {reason}").unwrap();
        if code == Code::Ok && row(&rpc).effect == Effect::Change {
            println!("{rpc}: done, in the caller's own group");
        } else {
            let nothing = call(caller(&attackers, &rpc), &rpc, Vec::new()).await;
            unnamed.extend(fields_of_no_contract(&rpc, &method, &tally_rpc::error_from(nothing.status)));
        }
    }
    assert_eq!(unnamed, Vec::<String>::new(), "fields that the contracts do not have");
    let after = eyes.rows(&victim).await;
    for (table, rows) in &before {
        assert!(rows == &after[table], "{table} of the other group has changed");
    }
    // Nothing that the attackers stored points at anything of the others.
    for (table, rows) in eyes.rows(&own).await {
        let pointing = rows.iter().find(|row| uuids(row).iter().any(|id| secret.contains(id)));
        assert_eq!(pointing, None, "{table} points into another group");
    }
    snapshot::check("another_group", &told);
}

/// Fields that a refusal names and the request does not have as its contract says it: whoever is told could not find them.
fn fields_of_no_contract(rpc: &str, method: &MethodDescriptor, error: &tally_kernel::Error) -> Vec<String> {
    let unknown = |field: &str| {
        let mut within = Some(method.input());
        field.split('.').any(|part| {
            let name = part.split('[').next().unwrap_or_default();
            let Some(message) = within.take() else { return true };
            let field = message.get_field_by_name(name);
            let is_choice = message.oneofs().any(|choice| choice.name() == name);
            within = field.as_ref().and_then(|field| field.kind().as_message().cloned());
            field.is_none() && !is_choice
        })
    };
    let wrong = error.violations().iter().inspect(|wrong| println!("{rpc}: {} {:?}", wrong.field, wrong.message));
    wrong.filter(|wrong| unknown(&wrong.field)).map(|wrong| format!("{rpc}: {}", wrong.field)).collect()
}

/// A page of one row of a list about the month that was done, and the token of the next.
async fn first_page(done: &Done, rpc: &str, method: &MethodDescriptor, token: &str) -> (Code, String) {
    let settlement = done.outcome.settlement_id.clone().expect("a settlement");
    let mut ask = DynamicMessage::new(method.input());
    for field in method.input().fields() {
        let text = |text: &str| Value::String(text.to_owned());
        let value = match (field.name(), field.kind()) {
            ("page_size", _) => Value::U32(1),
            ("page_token", _) => text(token),
            ("cycle_id", _) => text(&done.outcome.cycle_id),
            ("settlement_id", _) => text(&settlement),
            ("permission", _) => text("performance.card.read"),
            ("from" | "to", Kind::Message(instant)) => {
                // From 2000 to 2033.
                let mut at = DynamicMessage::new(instant);
                let seconds = if field.name() == "from" { 946_684_800 } else { 2_000_000_000 };
                at.set_field_by_name("seconds", Value::I64(seconds));
                Value::Message(at)
            }
            _ => continue,
        };
        ask.set_field(&field, value);
    }
    let answered = call(&done.crew.auditor, rpc, ask.encode_to_vec()).await;
    let reply = DynamicMessage::decode(method.output(), answered.bytes.as_slice()).expect("an answer");
    let next = reply.get_field_by_name("next_page_token").and_then(|next| Some(next.as_str()?.to_owned()));
    (answered.status.code(), next.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_page_tokens_and_bytes_that_are_no_message_are_refused_and_the_next_call_is_served() {
    let mut stack = Stack::one_process(None).await;
    let done = main_job(&stack).await;
    let who = &done.crew.auditor;
    let methods = methods();
    let pages = |method: &MethodDescriptor| method.input().get_field_by_name("page_token").is_some();
    let mut tokens = BTreeMap::new();
    for (rpc, method) in methods.iter().filter(|(_, method)| pages(method)) {
        let (code, token) = first_page(&done, rpc, method, "").await;
        if code == Code::Ok && !token.is_empty() {
            tokens.insert(rpc.clone(), token);
        }
    }
    assert!(tokens.len() > 8, "lists of more than one page: {:?}", tokens.keys());
    for (rpc, token) in &tokens {
        let method = &methods[rpc];
        assert_eq!(first_page(&done, rpc, method, token).await.0, Code::Ok, "{rpc}: its own token");
        let other = tokens.iter().find(|(name, _)| *name != rpc).expect("another list").1;
        let flipped = format!("{}{}", if token.starts_with('A') { 'B' } else { 'A' }, &token[1..]);
        for bad in [other.clone(), flipped, "AAAA".into(), "not base64 !".into(), token[..4].to_owned()] {
            assert_eq!(first_page(&done, rpc, method, &bad).await.0, Code::InvalidArgument, "{rpc}: {bad}");
        }
        // The place where it goes on is nobody's secret: a strange one shows what the caller may see, or is refused.
        for strange in
            [token[..token.len() - 3].to_owned(), format!("{token}AAAA"), format!("{}____", &token[..token.len() - 4])]
        {
            let code = first_page(&done, rpc, method, &strange).await.0;
            assert!([Code::Ok, Code::InvalidArgument].contains(&code), "{rpc}: {strange} gives {code:?}");
        }
    }
    for (rpc, method) in &methods {
        let garbage = call(who, rpc, vec![0xff; 64]).await.status.code();
        assert!(garbage != Code::Ok || method.input().fields().len() == 0, "{rpc} takes garbage");
        let flood = call(who, rpc, vec![0; tally_rpc::MAX_MESSAGE_BYTES + 1]).await.status;
        assert_eq!(flood.code(), Code::InvalidArgument, "{rpc}: {flood:?}");
        assert_eq!(tally_rpc::error_from(flood).reason(), "REQUEST_TOO_LARGE", "{rpc}");
    }
    let units = "tally.identity.v1.OrgService/ListOrgUnits";
    assert_eq!(first_page(&done, units, &methods[units], "").await.0, Code::Ok);
    stack.stop().await;
    let log = std::fs::read_to_string(stack.folder.path().join("all.log")).expect("the log");
    assert!(!log.contains("panicked"), "{log}");
}
