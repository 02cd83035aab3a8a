//! Who saw or changed what, and whether that is whole: the service's own log, asked as that of every other.

tally_audit::room!(tally_api::performance::v1, crate::policy::SearchAudit, crate::policy::VerifyAudit);
