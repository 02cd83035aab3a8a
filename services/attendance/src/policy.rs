//! What every rpc of this service asks for.

tally_access::rpcs! {
    ImportSites = "tally.attendance.v1.SiteService/ImportSites", SiteWrite, Change;
    ListSites = "tally.attendance.v1.SiteService/ListSites", SiteRead, Read;
    ImportAccounts = "tally.attendance.v1.AccountService/ImportAccounts", AccountWrite, Change;
    ListAccounts = "tally.attendance.v1.AccountService/ListAccounts", AccountRead, Read;
    PublishShifts = "tally.attendance.v1.RosterService/PublishShifts", RosterWrite, Change;
    ListShifts = "tally.attendance.v1.RosterService/ListShifts", RosterRead, PersonalRead;
    GetShift = "tally.attendance.v1.RosterService/GetShift", RosterRead, PersonalRead;
    RecordPunch = "tally.attendance.v1.PunchService/RecordPunch", PunchRecord, Change vital;
    ImportPunches = "tally.attendance.v1.PunchService/ImportPunches", PunchImport, Change;
    ListPunches = "tally.attendance.v1.PunchService/ListPunches", PunchRead, PersonalRead;
    RecordHandover = "tally.attendance.v1.HandoverService/RecordHandover", HandoverRecord, Change vital;
    ImportHandovers = "tally.attendance.v1.HandoverService/ImportHandovers", HandoverImport, Change;
    ListHandovers = "tally.attendance.v1.HandoverService/ListHandovers", HandoverRead, PersonalRead;
    GetHandover = "tally.attendance.v1.HandoverService/GetHandover", HandoverRead, PersonalRead;
    ImportAliases = "tally.attendance.v1.AliasService/ImportAliases", AliasWrite, Change;
    ListAliases = "tally.attendance.v1.AliasService/ListAliases", AliasRead, PersonalRead;
    ImportDevices = "tally.attendance.v1.DeviceService/ImportDevices", DeviceWrite, Change;
    ListDevices = "tally.attendance.v1.DeviceService/ListDevices", DeviceRead, PersonalRead;
    ListDeviceUses = "tally.attendance.v1.DeviceService/ListDeviceUses", DeviceRead, PersonalRead;
    ListOccupancy = "tally.attendance.v1.OccupancyService/ListOccupancy", OccupancyRead, PersonalRead;
    CorrectPunch = "tally.attendance.v1.CorrectionService/CorrectPunch", CorrectionRequest, Change;
    CorrectHandover = "tally.attendance.v1.CorrectionService/CorrectHandover", CorrectionRequest, Change;
    ApproveCorrection = "tally.attendance.v1.CorrectionService/ApproveCorrection", CorrectionApprove, Change;
    RejectCorrection = "tally.attendance.v1.CorrectionService/RejectCorrection", CorrectionApprove, Change;
    WithdrawCorrection = "tally.attendance.v1.CorrectionService/WithdrawCorrection", CorrectionRequest, Change;
    ChangeShift = "tally.attendance.v1.CorrectionService/ChangeShift", RosterWrite, Change;
    CancelShift = "tally.attendance.v1.CorrectionService/CancelShift", RosterWrite, Change;
    EndAlias = "tally.attendance.v1.CorrectionService/EndAlias", AliasWrite, Change;
    MoveAlias = "tally.attendance.v1.CorrectionService/MoveAlias", AliasWrite, Change;
    EndDevice = "tally.attendance.v1.CorrectionService/EndDevice", DeviceWrite, Change;
    MoveDevice = "tally.attendance.v1.CorrectionService/MoveDevice", DeviceWrite, Change;
    GetCorrection = "tally.attendance.v1.CorrectionService/GetCorrection", CorrectionRead, PersonalRead;
    ListCorrections = "tally.attendance.v1.CorrectionService/ListCorrections", CorrectionRead, PersonalRead;
    ReadEvents = "tally.attendance.v1.EventService/ReadEvents", DutyEventRead, Read;
    ExportPerson = "tally.attendance.v1.PrivacyService/ExportPerson", PersonReadPii, SensitiveRead;
    ExportTenant = "tally.attendance.v1.PrivacyService/ExportTenant", TenantExport, SensitiveRead;
    RunRetention = "tally.attendance.v1.PrivacyService/RunRetention", RetentionRun, Change;
    /// Background work: the service's part of an erasure.
    ErasePerson = "tally.attendance.v1.internal/ErasePerson", ErasureReport, Change;
    SearchAudit = "tally.attendance.v1.AuditService/SearchAudit", AuditRead, SensitiveRead;
    VerifyAudit = "tally.attendance.v1.AuditService/VerifyAudit", AuditRead, SensitiveRead;
}
