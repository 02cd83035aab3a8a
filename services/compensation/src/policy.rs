//! What every rpc of the service asks for.

tally_access::rpcs! {
    CreatePool = "tally.compensation.v1.PoolService/CreatePool", PoolWrite, Change;
    GetPool = "tally.compensation.v1.PoolService/GetPool", PoolRead, SensitiveRead;
    ListPools = "tally.compensation.v1.PoolService/ListPools", PoolRead, SensitiveRead;
    DraftSettlement = "tally.compensation.v1.SettlementService/DraftSettlement", SettlementPrepare, Change,
        opened_by PoolRead;
    DiscardSettlement = "tally.compensation.v1.SettlementService/DiscardSettlement", SettlementPrepare, Change,
        opened_by PoolRead;
    ApproveSettlement = "tally.compensation.v1.SettlementService/ApproveSettlement", SettlementApprove, Change,
        opened_by PoolRead;
    PostSettlement = "tally.compensation.v1.SettlementService/PostSettlement", SettlementPost, Change,
        opened_by PoolRead;
    GetSettlement = "tally.compensation.v1.SettlementService/GetSettlement", SettlementRead, SensitiveRead,
        opened_by PoolRead;
    ListSettlements = "tally.compensation.v1.SettlementService/ListSettlements", SettlementRead, SensitiveRead,
        opened_by PoolRead;
    ReplaySettlement = "tally.compensation.v1.SettlementService/ReplaySettlement", AuditRead, SensitiveRead,
        opened_by StatementReadPay;
    DraftCorrection = "tally.compensation.v1.CorrectionService/DraftCorrection", SettlementPrepare, Change,
        opened_by PoolRead StatementReadPay CardRead;
    ApproveCorrection = "tally.compensation.v1.CorrectionService/ApproveCorrection", SettlementApprove, Change,
        opened_by PoolRead;
    WithdrawCorrection = "tally.compensation.v1.CorrectionService/WithdrawCorrection", SettlementPrepare, Change,
        opened_by PoolRead;
    GetCorrection = "tally.compensation.v1.CorrectionService/GetCorrection", SettlementRead, SensitiveRead,
        opened_by PoolRead;
    ListCorrections = "tally.compensation.v1.CorrectionService/ListCorrections", SettlementRead, SensitiveRead,
        opened_by PoolRead;
    ListDeltas = "tally.compensation.v1.CorrectionService/ListDeltas", StatementRead, SensitiveRead,
        opened_by StatementReadPay CardRead;
    GetStatement = "tally.compensation.v1.StatementService/GetStatement", StatementRead, SensitiveRead,
        opened_by StatementReadPay CardRead;
    ListStatements = "tally.compensation.v1.StatementService/ListStatements", StatementRead, SensitiveRead,
        opened_by StatementReadPay CardRead;
    ListPersonStatements = "tally.compensation.v1.StatementService/ListPersonStatements", StatementRead, SensitiveRead,
        opened_by StatementReadPay CardRead;
    TraceStatement = "tally.compensation.v1.StatementService/TraceStatement", StatementRead, PersonalRead;
    ExportPerson = "tally.compensation.v1.PrivacyService/ExportPerson", PersonReadPii, SensitiveRead;
    ExportTenant = "tally.compensation.v1.PrivacyService/ExportTenant", TenantExport, SensitiveRead;
    RunRetention = "tally.compensation.v1.PrivacyService/RunRetention", RetentionRun, Change;
    /// Background work: the service's part of an erasure.
    ErasePerson = "tally.compensation.v1.internal/ErasePerson", ErasureReport, Change;
    SearchAudit = "tally.compensation.v1.AuditService/SearchAudit", AuditRead, SensitiveRead;
    VerifyAudit = "tally.compensation.v1.AuditService/VerifyAudit", AuditRead, SensitiveRead;
}
