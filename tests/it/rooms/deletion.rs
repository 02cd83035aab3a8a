//! The end of a group: suspended by one, deleted by another, and nothing is left of it in any service but the logs.

use tally_api::identity::v1 as identity;
use tally_rpc::{RpcChannel, error_from};
use tally_store::orm::{ConnectOptions, ConnectionTrait as _, Database};
use tally_suite::session::Session;
use tally_testkit::eventually;

use super::access::somebody;
use super::taking_along;
use crate::journey::{Done, PASSWORD};
use crate::rooms::everything;
use crate::stack::Stack;

type Tenants = identity::tenant_service_client::TenantServiceClient<RpcChannel>;

async fn delete(who: &Session, name: &str) -> Result<(), &'static str> {
    let mut tenants = Tenants::new(who.at.identity.clone());
    let ask = identity::DeleteTenantRequest { name: name.into(), ..Default::default() };
    tenants.delete_tenant(who.ask(ask)).await.map(drop).map_err(|status| error_from(status).reason())
}

/// Moves the suspension into the past, as no rpc can.
async fn age(stack: &Stack) {
    let (url, table) = match &stack.database {
        Some(database) => (database.owner_url(), "identity.tenants"),
        None => (format!("sqlite://{}", stack.folder.path().join("data").join("identity.db").display()), "tenants"),
    };
    let db = Database::connect(ConnectOptions::new(url)).await.expect("the database");
    let sql = format!("UPDATE {table} SET suspended_at = '2026-01-01T00:00:00+00:00' WHERE suspended_at IS NOT NULL");
    assert_eq!(db.execute_unprepared(&sql).await.expect("a change").rows_affected(), 1);
}

/// Does all that the other journeys do, so that every table holds something; then suspends the group and deletes it.
pub async fn journey(stack: &Stack, done: &Done) {
    everything(stack, done).await;
    let [one, other] = [
        somebody(&done.crew.admin, "closer", "platform_operator").await,
        somebody(&done.crew.admin, "second", "platform_operator").await,
    ];
    let mut tenants = Tenants::new(one.at.identity.clone());
    let name = tenants.get_tenant(one.ask(identity::GetTenantRequest {})).await.expect("the group").into_inner();
    let name = name.tenant.expect("the group").name;
    assert_eq!(delete(&other, &name).await, Err("NOT_SUSPENDED"), "{}", stack.name);
    let archivist = taking_along::archivist(&done.crew.admin).await;
    let ask = identity::SuspendTenantRequest { reason: "moves out".into(), ..Default::default() };
    tenants.suspend_tenant(one.ask(ask)).await.expect("a suspension");
    taking_along::all(stack, done, &archivist).await;
    assert_eq!(delete(&one, &name).await, Err("FOUR_EYES_REQUIRED"));
    assert_eq!(delete(&other, &name).await, Err("SUSPENDED_TOO_SHORT"));
    age(stack).await;
    assert_eq!(delete(&other, "Another").await, Err("NAME_DIFFERS"));
    let people = &done.reading.bundle.people;
    let held = || {
        let dump = stack.dump();
        people.iter().filter(|person| dump.windows(person.name.len()).any(|at| at == person.name.as_bytes())).count()
    };
    assert!(held() > 1, "{}: the databases name people before", stack.name);
    assert_eq!(delete(&other, &name).await, Ok(()), "{}", stack.name);
    // Nobody is let in from now on, whatever is still being removed.
    assert!(Session::sign_in(&stack.channels, "second", PASSWORD).await.is_err(), "{}", stack.name);
    eventually("every service has removed the group", async || (held() == 0).then_some(())).await;
    let mut search = stack.tally(&["audit", "search", "--subject", &format!("tenant:{}", done.tenant), "--json"]);
    let told = eventually("every service says so", async || {
        let told = String::from_utf8(search.output().await.expect("the program runs").stdout).expect("text");
        (told.matches("suite.tenant.removed").count() == 5).then_some(told)
    });
    assert!(told.await.contains("identity.tenant.delete"), "{}", stack.name);
    let verified = stack.tally(&["audit", "verify"]).output().await.expect("the program runs");
    let verified = String::from_utf8(verified.stdout).expect("text");
    assert_eq!(verified.matches("intact").count(), 5, "{}: {verified}", stack.name);
}
