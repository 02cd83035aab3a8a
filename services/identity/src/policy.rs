//! What every rpc of identity asks for.

tally_access::rpcs! {
    InitTenant = "tally.identity.v1.TenantService/InitTenant", public, Change;
    GetTenant = "tally.identity.v1.TenantService/GetTenant", TenantRead, Read;
    AddRegion = "tally.identity.v1.TenantService/AddRegion", TenantWrite, Change;
    SuspendTenant = "tally.identity.v1.TenantService/SuspendTenant", TenantSuspend, Change;
    ResumeTenant = "tally.identity.v1.TenantService/ResumeTenant", TenantSuspend, Change;
    DeleteTenant = "tally.identity.v1.TenantService/DeleteTenant", TenantDelete, Change;
    /// Background work: what is left of a deleted group.
    PurgeTenant = "tally.identity.v1.internal/PurgeTenant", TenantDelete, Change;
    ExportTenant = "tally.identity.v1.TenantService/ExportTenant", TenantExport, SensitiveRead;
    ImportOrgUnits = "tally.identity.v1.OrgService/ImportOrgUnits", OrgWrite, Change;
    MoveOrgUnit = "tally.identity.v1.OrgService/MoveOrgUnit", OrgWrite, Change;
    RenameOrgUnit = "tally.identity.v1.OrgService/RenameOrgUnit", OrgWrite, Change;
    CloseOrgUnit = "tally.identity.v1.OrgService/CloseOrgUnit", OrgWrite, Change;
    MergeOrgUnits = "tally.identity.v1.OrgService/MergeOrgUnits", OrgWrite, Change;
    ListOrgUnits = "tally.identity.v1.OrgService/ListOrgUnits", OrgRead, Read;
    ImportPeople = "tally.identity.v1.PersonService/ImportPeople", PersonWrite, Change;
    ChangeEmployment = "tally.identity.v1.PersonService/ChangeEmployment", PersonWrite, Change,
        opened_by PersonReadPii PersonReadIdNumber LeaveReadMedical;
    RectifyPerson = "tally.identity.v1.PersonService/RectifyPerson", PersonWrite, Change,
        opened_by PersonReadPii PersonReadIdNumber LeaveReadMedical;
    EndEmployment = "tally.identity.v1.PersonService/EndEmployment", PersonWrite, Change,
        opened_by PersonReadPii PersonReadIdNumber LeaveReadMedical;
    GetPerson = "tally.identity.v1.PersonService/GetPerson", PersonRead, SensitiveRead vital,
        opened_by PersonReadPii PersonReadIdNumber LeaveReadMedical;
    ExportPerson = "tally.identity.v1.PersonService/ExportPerson", PersonReadPii, SensitiveRead;
    ListPeople = "tally.identity.v1.PersonService/ListPeople", PersonRead, SensitiveRead,
        opened_by PersonReadPii PersonReadIdNumber LeaveReadMedical;
    SetReportingLine = "tally.identity.v1.ReportingService/SetReportingLine", PersonWrite, Change;
    EndReportingLine = "tally.identity.v1.ReportingService/EndReportingLine", PersonWrite, Change;
    ListReportingLines = "tally.identity.v1.ReportingService/ListReportingLines", PersonRead, PersonalRead;
    ImportCatalogue = "tally.identity.v1.CatalogueService/ImportCatalogue", OrgWrite, Change;
    ListCatalogue = "tally.identity.v1.CatalogueService/ListCatalogue", OrgRead, Read;
    SetRates = "tally.identity.v1.RateService/SetRates", RateWrite, Change;
    ListRates = "tally.identity.v1.RateService/ListRates", RateRead, Read;
    SignIn = "tally.identity.v1.SessionService/SignIn", public, Change vital;
    RefreshSession = "tally.identity.v1.SessionService/RefreshSession", public, Change vital;
    ListSessions = "tally.identity.v1.SessionService/ListSessions", signed_in, PersonalRead;
    EndSession = "tally.identity.v1.SessionService/EndSession", signed_in, Change;
    EndAllSessions = "tally.identity.v1.SessionService/EndAllSessions", signed_in, Change;
    GetJwks = "tally.identity.v1.SessionService/GetJwks", public, Read vital;
    CreateLogin = "tally.identity.v1.SessionService/CreateLogin", LoginWrite, Change;
    ChangePassword = "tally.identity.v1.LoginService/ChangePassword", signed_in, Change;
    ResetPassword = "tally.identity.v1.LoginService/ResetPassword", LoginWrite, Change;
    RequestPasswordReset = "tally.identity.v1.LoginService/RequestPasswordReset", public, Change;
    ListLogins = "tally.identity.v1.LoginService/ListLogins", GrantRead, PersonalRead, opened_by PersonReadPii;
    EnrollTotp = "tally.identity.v1.LoginService/EnrollTotp", signed_in, Change;
    ConfirmTotp = "tally.identity.v1.LoginService/ConfirmTotp", signed_in, Change;
    RemoveTotp = "tally.identity.v1.LoginService/RemoveTotp", signed_in, Change;
    CreateServiceAccount = "tally.identity.v1.ServiceAccountService/CreateServiceAccount", ServiceAccountWrite, Change;
    CreateApiKey = "tally.identity.v1.ServiceAccountService/CreateApiKey", ServiceAccountWrite, Change;
    ListServiceAccounts = "tally.identity.v1.ServiceAccountService/ListServiceAccounts", ServiceAccountWrite, Read;
    ListApiKeys = "tally.identity.v1.ServiceAccountService/ListApiKeys", ServiceAccountWrite, Read;
    RevokeApiKey = "tally.identity.v1.ServiceAccountService/RevokeApiKey", ServiceAccountWrite, Change;
    ExchangeApiKey = "tally.identity.v1.ServiceAccountService/ExchangeApiKey", public, Change vital;
    PutSsoProvider = "tally.identity.v1.SsoService/PutSsoProvider", SsoWrite, Change;
    ListSsoProviders = "tally.identity.v1.SsoService/ListSsoProviders", SsoWrite, Read;
    RemoveSsoProvider = "tally.identity.v1.SsoService/RemoveSsoProvider", SsoWrite, Change;
    StartSso = "tally.identity.v1.SsoService/StartSso", public, Read vital;
    FinishSso = "tally.identity.v1.SsoService/FinishSso", public, Change vital;
    GrantRole = "tally.identity.v1.AccessService/GrantRole", GrantWrite, Change;
    RevokeGrant = "tally.identity.v1.AccessService/RevokeGrant", GrantWrite, Change;
    ListGrants = "tally.identity.v1.AccessService/ListGrants", GrantRead, PersonalRead;
    GetView = "tally.identity.v1.AccessService/GetView", ViewRead, Read vital;
    Check = "tally.identity.v1.CheckService/Check", signed_in, Read;
    BatchCheck = "tally.identity.v1.CheckService/BatchCheck", signed_in, Read;
    Explain = "tally.identity.v1.CheckService/Explain", signed_in, PersonalRead;
    ListAllowed = "tally.identity.v1.CheckService/ListAllowed", signed_in, Read;
    GetOwnAccess = "tally.identity.v1.CheckService/GetOwnAccess", signed_in, Read;
    ReviewAccess = "tally.identity.v1.CheckService/ReviewAccess", GrantRead, PersonalRead,
        opened_by PersonReadPii;
    DefineRole = "tally.identity.v1.RoleService/DefineRole", RoleWrite, Change;
    RetireRole = "tally.identity.v1.RoleService/RetireRole", RoleWrite, Change;
    ListRoles = "tally.identity.v1.RoleService/ListRoles", RoleRead, Read;
    Delegate = "tally.identity.v1.DelegationService/Delegate", DelegationWrite, Change;
    EndDelegation = "tally.identity.v1.DelegationService/EndDelegation", signed_in, Change;
    ListDelegations = "tally.identity.v1.DelegationService/ListDelegations", signed_in, PersonalRead;
    OpenBreakGlass = "tally.identity.v1.BreakGlassService/OpenBreakGlass", BreakGlass, Change;
    EndBreakGlass = "tally.identity.v1.BreakGlassService/EndBreakGlass", signed_in, Change;
    ReviewBreakGlass = "tally.identity.v1.BreakGlassService/ReviewBreakGlass", BreakGlassReview, Change;
    ListBreakGlasses = "tally.identity.v1.BreakGlassService/ListBreakGlasses", signed_in, PersonalRead;
    AssignPseudonym = "tally.identity.v1.DirectoryService/AssignPseudonym", PersonWrite, Change;
    PublishDirectory = "tally.identity.v1.DirectoryService/PublishDirectory", DirectoryPublish, Change;
    ImportDirectory = "tally.identity.v1.DirectoryService/ImportDirectory", DirectoryImport, Change;
    LocatePseudonym = "tally.identity.v1.DirectoryService/LocatePseudonym", public, Read;
    SetModules = "tally.identity.v1.EntitlementService/SetModules", EntitlementWrite, Change;
    GetModules = "tally.identity.v1.EntitlementService/GetModules", TenantRead, Read;
    SetHold = "tally.identity.v1.HoldService/SetHold", HoldWrite, Change;
    LiftHold = "tally.identity.v1.HoldService/LiftHold", HoldWrite, Change;
    ListHolds = "tally.identity.v1.HoldService/ListHolds", HoldRead, PersonalRead;
    SetRetention = "tally.identity.v1.RetentionService/SetRetention", RetentionWrite, Change;
    ListRetention = "tally.identity.v1.RetentionService/ListRetention", RetentionRead, Read;
    RunRetention = "tally.identity.v1.RetentionService/RunRetention", RetentionRun, Change;
    RequestErasure = "tally.identity.v1.ErasureService/RequestErasure", ErasureRequest, Change;
    ApproveErasure = "tally.identity.v1.ErasureService/ApproveErasure", ErasureApprove, Change;
    WithdrawErasure = "tally.identity.v1.ErasureService/WithdrawErasure", ErasureRequest, Change;
    RejectErasure = "tally.identity.v1.ErasureService/RejectErasure", ErasureApprove, Change;
    GetErasure = "tally.identity.v1.ErasureService/GetErasure", ErasureRead, PersonalRead;
    ListErasures = "tally.identity.v1.ErasureService/ListErasures", ErasureRead, PersonalRead;
    ReportErasure = "tally.identity.v1.ErasureService/ReportErasure", ErasureReport, Change;
    ReadEvents = "tally.identity.v1.EventService/ReadEvents", IdentityEventRead, Read;
    SearchAudit = "tally.identity.v1.AuditService/SearchAudit", AuditRead, SensitiveRead;
    VerifyAudit = "tally.identity.v1.AuditService/VerifyAudit", AuditRead, SensitiveRead;
}
