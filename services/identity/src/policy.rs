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
}
