//! Identity, as this service asks it. Called by `app.rs` only, never inside a transaction.
//!
//! The whole group is asked as the service: whom a fact belongs to must not depend on whom the caller may see. The
//! caller's permit was asked for before, and the caller's list is filtered after.

use tally_access::OpContext;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_api::identity::v1::{ListOrgUnitsRequest, OrgUnit};
use tally_app::convert::sent;
use tally_kernel::Result;
use tally_kernel::page::MAX_SIZE;
use tally_rpc::{Peer, pages};

use crate::directory::{Home, Units};

/// Whom this service calls.
#[derive(Clone, Debug)]
pub struct Peers {
    /// People and units.
    pub identity: Peer,
}

impl Peers {
    /// The units of today, by path.
    ///
    /// # Errors
    /// What identity says, or that it is away.
    pub async fn units(&self, ctx: &OpContext) -> Result<Units> {
        let units = pages(async |page_token| {
            let ask = ListOrgUnitsRequest { page_size: MAX_SIZE, page_token, ..Default::default() };
            let mut client = OrgServiceClient::new(self.identity.channel());
            let page = client.list_org_units(self.identity.as_service(ctx, ask)).await?.into_inner();
            Ok((page.units, page.next_page_token))
        });
        Ok(Units::new(units.await?.into_iter().map(unit).collect::<Result<Vec<_>>>()?))
    }
}

fn unit(message: OrgUnit) -> Result<(String, Home)> {
    Ok((message.path, Home { region: sent::value(&message.region)?, unit: Some(sent::value(&message.unit_id)?) }))
}
