//! What other rooms may ask of credits, totals and findings.

pub(crate) use super::store::{
    Decided, Found, Place, StoredCredit, accounts_with_credits, clear_credits, count_findings, credits,
    discard_findings, discard_totals, finding, findings, findings_of_agents, findings_with, put_finding, put_findings,
    rows, runs_about, shares_of_accounts, take_over,
};
