//! What every rpc of this service asks for. Background work asks for what closing a cycle asks for.

tally_access::rpcs! {
    ImportRecords = "tally.performance.v1.RecordService/ImportRecords", RecordImport, Change;
    GetRecord = "tally.performance.v1.RecordService/GetRecord", RecordRead, PersonalRead;
    ListRecords = "tally.performance.v1.RecordService/ListRecords", RecordRead, PersonalRead;
    ListRecordVersions = "tally.performance.v1.RecordService/ListRecordVersions", RecordRead, PersonalRead;
    MoveRecord = "tally.performance.v1.RecordService/MoveRecord", RecordImport, Change;
    WithdrawRecord = "tally.performance.v1.RecordService/WithdrawRecord", RecordImport, Change;
    ListRecordChanges = "tally.performance.v1.RecordService/ListRecordChanges", RecordRead, Read;
    ImportObservations = "tally.performance.v1.ObservationService/ImportObservations", ObservationImport, Change;
    StreamObservations = "tally.performance.v1.ObservationService/StreamObservations", ObservationImport, Change;
    ListObservations = "tally.performance.v1.ObservationService/ListObservations", ObservationRead, PersonalRead;
    WithdrawObservation = "tally.performance.v1.ObservationService/WithdrawObservation", ObservationImport, Change;
    CreateSchemeVersion = "tally.performance.v1.SchemeService/CreateSchemeVersion", SchemeWrite, Change;
    GetScheme = "tally.performance.v1.SchemeService/GetScheme", SchemeRead, Read;
    ListSchemes = "tally.performance.v1.SchemeService/ListSchemes", SchemeRead, Read;
    WithdrawScheme = "tally.performance.v1.SchemeService/WithdrawScheme", SchemeWrite, Change;
    ListRefinements = "tally.performance.v1.SchemeService/ListRefinements", SchemeRead, Read;
    ExportStandard = "tally.performance.v1.SchemeService/ExportStandard", SchemeWrite, Change;
    ImportStandard = "tally.performance.v1.SchemeService/ImportStandard", TransferImport, Change;
    CreateCycle = "tally.performance.v1.CycleService/CreateCycle", CycleWrite, Change;
    CloseCycle = "tally.performance.v1.CycleService/CloseCycle", CycleClose, Change;
    WatchCycle = "tally.performance.v1.CycleService/WatchCycle", CycleRead, Read;
    CancelCycle = "tally.performance.v1.CycleService/CancelCycle", CycleClose, Change;
    CorrectCycle = "tally.performance.v1.CycleService/CorrectCycle", CycleClose, Change;
    PublishCycle = "tally.performance.v1.CycleService/PublishCycle", CyclePublish, Change;
    GetCycle = "tally.performance.v1.CycleService/GetCycle", CycleRead, Read;
    ListCycles = "tally.performance.v1.CycleService/ListCycles", CycleRead, Read;
    PreviewPopulation = "tally.performance.v1.CycleService/PreviewPopulation", CycleWrite, PersonalRead;
    StartAttributionRun = "tally.performance.v1.AttributionRunService/StartAttributionRun", CycleClose, Change;
    WatchAttributionRun = "tally.performance.v1.AttributionRunService/WatchAttributionRun", CycleRead, Read;
    CancelAttributionRun = "tally.performance.v1.AttributionRunService/CancelAttributionRun", CycleClose, Change;
    GetAttributionRun = "tally.performance.v1.AttributionRunService/GetAttributionRun", CycleRead, Read;
    ListAttributionRuns = "tally.performance.v1.AttributionRunService/ListAttributionRuns", CycleRead, Read;
    ExportCredits = "tally.performance.v1.AttributionService/ExportCredits", CreditRead, SensitiveRead;
    ListTotals = "tally.performance.v1.AttributionService/ListTotals", CreditRead, PersonalRead;
    ExplainRecord = "tally.performance.v1.AttributionService/ExplainRecord", CreditRead, PersonalRead;
    ListFindings = "tally.performance.v1.AttributionService/ListFindings", CreditRead, PersonalRead;
    GetCard = "tally.performance.v1.CardService/GetCard", CardRead, SensitiveRead;
    ListCards = "tally.performance.v1.CardService/ListCards", CardRead, SensitiveRead;
    ListCardVersions = "tally.performance.v1.CardService/ListCardVersions", CardRead, SensitiveRead;
    PrepareTransfer = "tally.performance.v1.TransferService/PrepareTransfer", TransferPrepare, Change;
    ApproveTransfer = "tally.performance.v1.TransferService/ApproveTransfer", TransferApprove, Change;
    WithdrawTransfer = "tally.performance.v1.TransferService/WithdrawTransfer", TransferPrepare, Change;
    RejectTransfer = "tally.performance.v1.TransferService/RejectTransfer", TransferApprove, Change;
    ReleaseTransfer = "tally.performance.v1.TransferService/ReleaseTransfer", TransferPrepare, Change;
    ImportTransfer = "tally.performance.v1.TransferService/ImportTransfer", TransferImport, Change;
    ListTransfers = "tally.performance.v1.TransferService/ListTransfers", TransferRead, Read;
    ListCells = "tally.performance.v1.TransferService/ListCells", TransferRead, Read;
    ReadEvents = "tally.performance.v1.EventService/ReadEvents", EventRead, Read;
    ExportPerson = "tally.performance.v1.PrivacyService/ExportPerson", PersonReadPii, SensitiveRead;
    ExportTenant = "tally.performance.v1.PrivacyService/ExportTenant", TenantExport, SensitiveRead;
    RunRetention = "tally.performance.v1.PrivacyService/RunRetention", RetentionRun, Change;
    /// Background work: the service's part of an erasure.
    ErasePerson = "tally.performance.v1.internal/ErasePerson", ErasureReport, Change;
    SearchAudit = "tally.performance.v1.AuditService/SearchAudit", AuditRead, SensitiveRead;
}
