//! What was taken away is gone everywhere within a second and stays away, whatever becomes of Redis.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use tally_api::attendance::v1 as attendance;
use tally_api::identity::v1 as identity;
use tally_rpc::CONSISTENCY;
use tally_suite::session::Session;
use tally_testkit::eventually;
use tonic::Code;

use crate::journey::PASSWORD;
use crate::rooms::access::somebody;
use crate::stack::Stack;

/// The longest life of a view in another service.
const LEASE: Duration = Duration::from_secs(1);

const DENIED: (Code, &str) = (Code::PermissionDenied, "PERMISSION_DENIED");

/// What a call is told; a refusal with its reason, which says more than the code when a test fails. "Try again" says nothing of
/// what somebody may do, so it is tried again.
async fn told(who: &Session, consistency: &str) -> Result<(), (Code, &'static str)> {
    let mut client = attendance::site_service_client::SiteServiceClient::new(who.at.attendance.clone());
    eventually("an answer", async || {
        let mut ask = who.ask(attendance::ListSitesRequest::default());
        if !consistency.is_empty() {
            ask.metadata_mut().insert(CONSISTENCY, consistency.parse().expect("metadata"));
        }
        let answer = client.list_sites(ask).await.map(drop);
        let told = answer.map_err(|status| (status.code(), tally_rpc::error_from(status).reason()));
        (!matches!(told, Err((Code::Unavailable, _)))).then_some(told)
    })
    .await
}

/// A second after the change, and for a while afterwards: refused.
async fn gone(who: &Session, refusal: (Code, &'static str), what: &str) {
    tokio::time::sleep(LEASE).await;
    for time in 0..20 {
        assert_eq!(told(who, "").await, Err(refusal), "{what}: the {time}th time");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn grant(admin: &Session, principal: &str) -> (String, String) {
    let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
    let grant = identity::Grant {
        principal_id: principal.into(),
        role: "group_hr".into(),
        scope: identity::ScopeKind::Tenant.into(),
        valid_from: "2026-01-01".into(),
        reason: "for a moment".into(),
        ..Default::default()
    };
    let ask = identity::GrantRoleRequest { grant: Some(grant), ..Default::default() };
    let done = access.grant_role(admin.ask(ask)).await.expect("a grant").into_inner();
    (done.grant.expect("a grant").grant_id, done.consistency_token)
}

async fn revoke(admin: &Session, grant_id: String) -> String {
    let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
    let ask = identity::RevokeGrantRequest { grant_id, reason: "no longer".into(), ..Default::default() };
    access.revoke_grant(admin.ask(ask)).await.expect("a revocation").into_inner().consistency_token
}

fn flush(stack: &Stack) {
    let address = stack.redis.as_ref().expect("Redis").address();
    let mut redis = std::net::TcpStream::connect(address).expect("Redis");
    redis.write_all(b"FLUSHALL\r\n").expect("a command");
    let mut reply = [0; 5];
    redis.read_exact(&mut reply).expect("a reply");
    assert_eq!(&reply, b"+OK\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_away_is_gone_within_a_second_with_redis_and_with_redis_flushed_or_killed() {
    let mut stack = Stack::five_processes(None).await;
    let ask = identity::InitTenantRequest {
        name: "Revoking".into(),
        currency: "CNY".into(),
        zone: "Asia/Shanghai".into(),
        regions: vec!["cn-north".into()],
        admin_login: "admin".into(),
        admin_password: PASSWORD.into(),
        ..Default::default()
    };
    let mut tenants = identity::tenant_service_client::TenantServiceClient::new(stack.channels.identity.clone());
    tenants.init_tenant(ask).await.expect("a group");
    let admin = Session::sign_in(&stack.channels, "admin", PASSWORD).await.expect("a session");
    let guest = somebody(&admin, "guest", "platform_operator").await;
    // In its first second identity may not have seen attendance's key file: that is "try again", never a bad token.
    assert_eq!(told(&guest, "").await, Err(DENIED));

    for what in ["with Redis", "flushed", "killed"] {
        let (grant_id, token) = grant(&admin, &guest.principal_id).await;
        assert_eq!(told(&guest, &token).await, Ok(()), "{what}: a read that sends the token sees the grant");
        match what {
            "flushed" => flush(&stack),
            "killed" => drop(stack.redis.take()),
            _ => {}
        }
        assert_eq!(told(&guest, "").await, Ok(()), "{what}");
        let token = revoke(&admin, grant_id).await;
        // A read that sends the token does not wait for the second.
        assert_eq!(told(&guest, &token).await, Err(DENIED), "{what}");
        gone(&guest, DENIED, what).await;
    }

    // Without Redis still: a session that was ended is refused everywhere, by attendance too.
    let (_, token) = grant(&admin, &guest.principal_id).await;
    assert_eq!(told(&guest, &token).await, Ok(()));
    let mut sessions = identity::session_service_client::SessionServiceClient::new(admin.at.identity.clone());
    let ask = identity::EndAllSessionsRequest { principal_id: guest.principal_id.clone(), ..Default::default() };
    sessions.end_all_sessions(admin.ask(ask)).await.expect("an end");
    gone(&guest, (Code::Unauthenticated, "SESSION_ENDED"), "a session that was ended").await;
}
