//! What every rpc of this service asks for.

tally_access::rpcs! {
    ImportSites = "tally.attendance.v1.SiteService/ImportSites", SiteWrite, Change;
    ListSites = "tally.attendance.v1.SiteService/ListSites", SiteRead, Read;
    ImportAccounts = "tally.attendance.v1.AccountService/ImportAccounts", AccountWrite, Change;
    ListAccounts = "tally.attendance.v1.AccountService/ListAccounts", AccountRead, Read;
    PublishShifts = "tally.attendance.v1.RosterService/PublishShifts", RosterWrite, Change;
    ListShifts = "tally.attendance.v1.RosterService/ListShifts", RosterRead, PersonalRead;
    RecordPunch = "tally.attendance.v1.PunchService/RecordPunch", PunchRecord, Change;
    ImportPunches = "tally.attendance.v1.PunchService/ImportPunches", PunchImport, Change;
    ListPunches = "tally.attendance.v1.PunchService/ListPunches", PunchRead, PersonalRead;
    RecordHandover = "tally.attendance.v1.HandoverService/RecordHandover", HandoverRecord, Change;
    ImportHandovers = "tally.attendance.v1.HandoverService/ImportHandovers", HandoverImport, Change;
    ListHandovers = "tally.attendance.v1.HandoverService/ListHandovers", HandoverRead, PersonalRead;
    ImportAliases = "tally.attendance.v1.AliasService/ImportAliases", AliasWrite, Change;
    ListAliases = "tally.attendance.v1.AliasService/ListAliases", AliasRead, PersonalRead;
    ListOccupancy = "tally.attendance.v1.OccupancyService/ListOccupancy", OccupancyRead, PersonalRead;
    ExportPerson = "tally.attendance.v1.PrivacyService/ExportPerson", PersonReadPii, SensitiveRead;
    ExportTenant = "tally.attendance.v1.PrivacyService/ExportTenant", TenantExport, SensitiveRead;
    RunRetention = "tally.attendance.v1.PrivacyService/RunRetention", RetentionRun, Change;
    /// Background work: the service's part of an erasure.
    ErasePerson = "tally.attendance.v1.internal/ErasePerson", ErasureReport, Change;
    SearchAudit = "tally.attendance.v1.AuditService/SearchAudit", AuditRead, SensitiveRead;
}
