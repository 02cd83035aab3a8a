//! What every rpc of the service asks for.

tally_access::rpcs! {
    CreatePool = "tally.compensation.v1.PoolService/CreatePool", PoolWrite, Change;
    GetPool = "tally.compensation.v1.PoolService/GetPool", PoolRead, Read;
    ListPools = "tally.compensation.v1.PoolService/ListPools", PoolRead, Read;
    DraftSettlement = "tally.compensation.v1.SettlementService/DraftSettlement", SettlementPrepare, Change;
    DiscardSettlement = "tally.compensation.v1.SettlementService/DiscardSettlement", SettlementPrepare, Change;
    ApproveSettlement = "tally.compensation.v1.SettlementService/ApproveSettlement", SettlementApprove, Change;
    PostSettlement = "tally.compensation.v1.SettlementService/PostSettlement", SettlementPost, Change;
    GetSettlement = "tally.compensation.v1.SettlementService/GetSettlement", SettlementRead, Read;
    ListSettlements = "tally.compensation.v1.SettlementService/ListSettlements", SettlementRead, Read;
    GetStatement = "tally.compensation.v1.StatementService/GetStatement", StatementRead, SensitiveRead;
    ListStatements = "tally.compensation.v1.StatementService/ListStatements", StatementRead, SensitiveRead;
    TraceStatement = "tally.compensation.v1.StatementService/TraceStatement", StatementRead, Read;
    SearchAudit = "tally.compensation.v1.AuditService/SearchAudit", AuditRead, SensitiveRead;
}
