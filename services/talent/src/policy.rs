//! What every rpc of the service asks for.

tally_access::rpcs! {
    GetProfile = "tally.talent.v1.ProfileService/GetProfile", ProfileRead, PersonalRead;
    ListEvidence = "tally.talent.v1.ProfileService/ListEvidence", EvidenceRead, PersonalRead;
    /// Background work: what a published cycle shows.
    RecordEvidence = "tally.talent.v1.internal/RecordEvidence", EvidenceRecord, Change;
    ExportPerson = "tally.talent.v1.PrivacyService/ExportPerson", PersonReadPii, SensitiveRead;
    ExportTenant = "tally.talent.v1.PrivacyService/ExportTenant", TenantExport, SensitiveRead;
    RunRetention = "tally.talent.v1.PrivacyService/RunRetention", RetentionRun, Change;
    /// Background work: the service's part of an erasure.
    ErasePerson = "tally.talent.v1.internal/ErasePerson", ErasureReport, Change;
    SearchAudit = "tally.talent.v1.AuditService/SearchAudit", AuditRead, SensitiveRead;
    VerifyAudit = "tally.talent.v1.AuditService/VerifyAudit", AuditRead, SensitiveRead;
}
