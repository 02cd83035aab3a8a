//! What every rpc of identity asks for.

tally_access::rpcs! {
    InitTenant = "tally.identity.v1.TenantService/InitTenant", public, Change;
    GetTenant = "tally.identity.v1.TenantService/GetTenant", TenantRead, Read;
    ImportOrgUnits = "tally.identity.v1.OrgService/ImportOrgUnits", OrgWrite, Change;
    MoveOrgUnit = "tally.identity.v1.OrgService/MoveOrgUnit", OrgWrite, Change;
    ListOrgUnits = "tally.identity.v1.OrgService/ListOrgUnits", OrgRead, Read;
    ImportPeople = "tally.identity.v1.PersonService/ImportPeople", PersonWrite, Change;
    EndEmployment = "tally.identity.v1.PersonService/EndEmployment", PersonWrite, Change;
    GetPerson = "tally.identity.v1.PersonService/GetPerson", PersonRead, Read;
    ListPeople = "tally.identity.v1.PersonService/ListPeople", PersonRead, Read;
    SignIn = "tally.identity.v1.SessionService/SignIn", public, Change;
    GetJwks = "tally.identity.v1.SessionService/GetJwks", public, Read;
    CreateLogin = "tally.identity.v1.SessionService/CreateLogin", LoginWrite, Change;
    GrantRole = "tally.identity.v1.AccessService/GrantRole", GrantWrite, Change;
    RevokeGrant = "tally.identity.v1.AccessService/RevokeGrant", GrantWrite, Change;
    ListGrants = "tally.identity.v1.AccessService/ListGrants", GrantRead, Read;
    GetView = "tally.identity.v1.AccessService/GetView", ViewRead, Read;
    Check = "tally.identity.v1.CheckService/Check", signed_in, Read;
    BatchCheck = "tally.identity.v1.CheckService/BatchCheck", signed_in, Read;
    Explain = "tally.identity.v1.CheckService/Explain", signed_in, Read;
    ListAllowed = "tally.identity.v1.CheckService/ListAllowed", signed_in, Read;
    ReviewAccess = "tally.identity.v1.CheckService/ReviewAccess", GrantRead, Read;
    DefineRole = "tally.identity.v1.RoleService/DefineRole", RoleWrite, Change;
    RetireRole = "tally.identity.v1.RoleService/RetireRole", RoleWrite, Change;
    ListRoles = "tally.identity.v1.RoleService/ListRoles", RoleRead, Read;
    Delegate = "tally.identity.v1.DelegationService/Delegate", DelegationWrite, Change;
    EndDelegation = "tally.identity.v1.DelegationService/EndDelegation", signed_in, Change;
    ListDelegations = "tally.identity.v1.DelegationService/ListDelegations", signed_in, Read;
    OpenBreakGlass = "tally.identity.v1.BreakGlassService/OpenBreakGlass", BreakGlass, Change;
    EndBreakGlass = "tally.identity.v1.BreakGlassService/EndBreakGlass", signed_in, Change;
    ReviewBreakGlass = "tally.identity.v1.BreakGlassService/ReviewBreakGlass", BreakGlassReview, Change;
    ListBreakGlasses = "tally.identity.v1.BreakGlassService/ListBreakGlasses", signed_in, Read;
    SetModules = "tally.identity.v1.EntitlementService/SetModules", EntitlementWrite, Change;
    GetModules = "tally.identity.v1.EntitlementService/GetModules", TenantRead, Read;
}
