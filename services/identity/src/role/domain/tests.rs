use uuid::Uuid;

use super::*;

const AUTHOR: PrincipalId = PrincipalId(Uuid::from_u128(1));
const OTHER: PrincipalId = PrincipalId(Uuid::from_u128(2));

fn role(permissions: &[Permission]) -> OwnRole {
    OwnRole {
        name: "cashier".into(),
        description: "pays out".into(),
        permissions: permissions.to_vec(),
        scopes: vec![ScopeKind::Tenant],
        version: 0,
    }
}

fn held(principal: PrincipalId, roles: &[&str]) -> RoleHolder {
    RoleHolder { principal, roles: roles.iter().map(|name| (*name).to_owned()).collect(), delegated: Vec::new() }
}

fn judged(roles: &Roles, holders: &[RoleHolder], may: &[Permission], wanted: &OwnRole) -> Result<OwnRole, RoleError> {
    let may = |permission| may.contains(&permission);
    judge(wanted, &Judged { roles, holders, administrators: &|_| true, author: AUTHOR, may: &may })
}

fn there(permissions: &[Permission]) -> Roles {
    Roles::new(vec![OwnRole { version: 1, ..role(permissions) }])
}

#[test]
fn a_new_role_is_version_one_and_a_change_must_name_the_version_it_changes() {
    let wanted = role(&[Permission::SettlementPost]);
    assert_eq!(judged(&Roles::default(), &[], &[], &wanted).map(|role| role.version), Ok(1));
    let there = there(&[Permission::SettlementPost]);
    assert_eq!(judged(&there, &[], &[], &wanted), Err(RoleError::Changed(1)));
    let next = OwnRole { version: 1, ..wanted };
    assert_eq!(judged(&there, &[], &[], &next).map(|role| role.version), Ok(2));
}

#[test]
fn names_of_ready_roles_and_of_services_are_taken() {
    for (name, error) in [
        ("agent", RoleError::NameReserved),
        ("service_talent", RoleError::NameReserved),
        ("Cashier", RoleError::NameMalformed),
        ("c", RoleError::NameMalformed),
        ("收银", RoleError::NameMalformed),
    ] {
        let wanted = OwnRole { name: name.into(), ..role(&[Permission::OrgRead]) };
        assert_eq!(judged(&Roles::default(), &[], &[], &wanted), Err(error), "{name}");
    }
}

#[test]
fn a_role_gives_something_somewhere_and_nothing_that_is_a_services() {
    let nowhere = OwnRole { scopes: Vec::new(), ..role(&[Permission::OrgRead]) };
    for wanted in [role(&[]), nowhere] {
        assert_eq!(judged(&Roles::default(), &[], &[], &wanted), Err(RoleError::Empty));
    }
    let views = judged(&Roles::default(), &[], &[], &role(&[Permission::ViewRead]));
    assert_eq!(views, Err(RoleError::ForServices(Permission::ViewRead)));
}

#[test]
fn separated_duties_meet_neither_in_a_role_nor_in_somebody_who_has_it() {
    let (prepare, approve) = (Permission::SettlementPrepare, Permission::SettlementApprove);
    let both = judged(&Roles::default(), &[], &[], &role(&[approve, prepare]));
    assert_eq!(both, Err(RoleError::DutiesSeparated(prepare, approve)));
    let there = there(&[Permission::OrgRead]);
    let wanted = OwnRole { version: 1, ..role(&[prepare]) };
    let holders = [held(OTHER, &["cashier", "approver"])];
    assert_eq!(judged(&there, &holders, &[], &wanted), Err(RoleError::HolderSeparated(OTHER, prepare, approve)));
    let borrows = RoleHolder { delegated: vec![approve], ..held(OTHER, &["cashier"]) };
    assert_eq!(judged(&there, &[borrows], &[], &wanted), Err(RoleError::HolderSeparated(OTHER, prepare, approve)));
}

#[test]
fn nobody_widens_a_role_that_he_has_by_what_he_does_not_hold() {
    let there = there(&[Permission::OrgRead]);
    let wanted = OwnRole { version: 1, ..role(&[Permission::OrgRead, Permission::StatementReadPay]) };
    let mine = [held(AUTHOR, &["cashier"])];
    assert_eq!(judged(&there, &mine, &[], &wanted), Err(RoleError::ToOneself(Permission::StatementReadPay)));
    assert!(judged(&there, &mine, &[Permission::StatementReadPay], &wanted).is_ok());
    assert!(judged(&there, &[held(OTHER, &["cashier"])], &[], &wanted).is_ok());
}

#[test]
fn a_change_that_would_leave_nobody_to_give_roles_is_refused() {
    let there = there(&[Permission::GrantWrite, Permission::GrantAny]);
    let wanted = OwnRole { version: 1, ..role(&[Permission::OrgRead]) };
    let administrators = |roles: &Roles| roles.find("cashier").is_some_and(|(p, _)| p.contains(&Permission::GrantAny));
    let by = Judged { roles: &there, holders: &[], administrators: &administrators, author: AUTHOR, may: &|_| true };
    assert_eq!(judge(&wanted, &by), Err(RoleError::LastAdministrator));
    let kept =
        OwnRole { permissions: vec![Permission::GrantWrite, Permission::GrantAny, Permission::OrgRead], ..wanted };
    assert!(judge(&kept, &by).is_ok());
}
