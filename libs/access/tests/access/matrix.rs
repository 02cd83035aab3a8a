//! Roles against permissions, as a committed snapshot: a change of who may do what is seen in review.

use std::fmt::Write as _;

use tally_access::roles::{self, READY, SERVICES};
use tally_access::{Permission, SEPARATED, ScopeKind, conflict};

#[test]
fn the_matrix_of_roles_and_permissions_is_the_committed_one() {
    let roles: Vec<_> = READY.iter().chain(SERVICES).collect();
    let mut text = String::new();
    for role in &roles {
        let scopes: Vec<_> = role.scopes.iter().map(|s| s.to_string()).collect();
        writeln!(text, "{} on {}", role.name, if scopes.is_empty() { "-".into() } else { scopes.join(" ") }).unwrap();
    }
    for permission in Permission::ALL {
        let held: Vec<_> = roles.iter().filter(|r| r.permissions.contains(permission)).map(|r| r.name).collect();
        writeln!(text, "\n{permission} [{:?}]\n    {}", permission.data_class(), held.join(" ")).unwrap();
    }
    insta::assert_snapshot!("roles", text);
}

#[test]
fn managing_people_does_not_give_their_pay() {
    for name in ["supervisor", "branch_hr", "group_hr", "group_admin", "platform_operator"] {
        let role = roles::find(name).unwrap();
        assert!(!role.permissions.contains(&Permission::StatementReadPay), "{name}");
    }
    assert_eq!(roles::find("agent").unwrap().scopes, [ScopeKind::Own], "an agent reads own pay and nobody else's");
}

#[test]
fn no_role_holds_a_separated_pair_and_every_permission_is_in_some_role() {
    for role in READY.iter().chain(SERVICES) {
        assert_eq!(conflict(role.permissions.iter().copied()), None, "{}", role.name);
    }
    for permission in Permission::ALL {
        assert!(READY.iter().chain(SERVICES).any(|r| r.permissions.contains(permission)), "{permission}");
    }
    let (prepare, approve) = SEPARATED[0];
    assert_eq!(conflict([approve, Permission::PoolRead, prepare]), Some((prepare, approve)));
}

#[test]
fn roles_of_services_cannot_be_given() {
    assert_eq!(roles::find("service_performance"), None);
    assert_eq!(roles::of_service("performance").map(|r| r.name), Some("service_performance"));
    assert_eq!(roles::of_service("gateway"), None);
}
