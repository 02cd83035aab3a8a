//! Who saw or changed what: the service's own log, asked as that of every other.

tally_audit::room!(tally_api::identity::v1, crate::policy::SearchAudit);
