//! What more evidence would bring, by account.

use std::collections::BTreeMap;

use anyhow::Result;
use tally_api::performance::v1 as performance;
use tally_bundle::AccountIx;

use super::super::summary::Worth;
use super::{Results, six};
use crate::said::told;
use crate::session::Session;

/// What more evidence would bring to an account.
#[derive(Clone, Copy, Debug)]
pub struct AccountEvidence {
    /// Which account.
    pub account: AccountIx,
    /// What is expected.
    pub worth: Worth,
}

impl Results<'_> {
    /// `evidence.csv`, a row for each account that has anything in doubt; no such file of months of the versions before 3.
    pub async fn evidence(&mut self, session: &Session, cycle_id: &str) -> Result<Vec<AccountEvidence>> {
        if self.bundle.policy.version < 3 {
            return Ok(Vec::new());
        }
        let mut client =
            performance::attribution_service_client::AttributionServiceClient::new(session.at.performance.clone());
        // It is all on the first page, however few totals that has.
        let ask = performance::ListTotalsRequest { cycle_id: cycle_id.to_owned(), page_size: 1, ..Default::default() };
        let page = client.list_totals(session.ask(ask)).await.map_err(told)?.into_inner();
        let mut rows: BTreeMap<AccountIx, performance::EvidenceWorth> = BTreeMap::new();
        for worth in page.evidence {
            rows.insert(self.ids.account(&worth.account_id)?, worth);
        }
        let head = ["account", "now", "with_breaks", "with_devices", "with_claims", "idle_days", "idle_people"];
        let mut table = self.table("evidence.csv", &head)?;
        let mut all = Vec::with_capacity(rows.len());
        for (account, worth) in rows {
            let parts = [worth.now_ppm, worth.with_breaks_ppm, worth.with_devices_ppm, worth.with_claims_ppm];
            let parts = parts.map(|part| six(part.into()));
            let idle = [worth.idle_days, worth.idle_people].map(|count| count.to_string());
            let cells = [self.label(account)].into_iter().chain(parts.iter().chain(&idle).map(String::as_str));
            table.row(cells)?;
            all.push(AccountEvidence {
                account,
                worth: Worth {
                    now_ppm: worth.now_ppm,
                    with_breaks_ppm: worth.with_breaks_ppm,
                    with_devices_ppm: worth.with_devices_ppm,
                    with_claims_ppm: worth.with_claims_ppm,
                    idle_days: worth.idle_days,
                    idle_people: worth.idle_people,
                },
            });
        }
        self.digests.push(table.close()?);
        Ok(all)
    }
}
