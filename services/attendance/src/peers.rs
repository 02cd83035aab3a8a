//! Identity, as this service asks it. Called by `app.rs` only, never inside a transaction.
//!
//! The whole group is asked as the service: whom a fact belongs to must not depend on whom the caller may see. The
//! caller's permit was asked for before, and the caller's list is filtered after.

use tally_access::OpContext;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_api::identity::v1::{ListOrgUnitsRequest, OrgUnit};
use tally_kernel::page::MAX_SIZE;
use tally_kernel::{Error, Result};
use tally_rpc::{Peer, error_from};

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
        let mut client = OrgServiceClient::new(self.identity.channel());
        let (mut units, mut token) = (Vec::new(), String::new());
        loop {
            let ask = ListOrgUnitsRequest { page_size: MAX_SIZE, page_token: token, ..Default::default() };
            let page =
                client.list_org_units(self.identity.as_service(ctx, ask)).await.map_err(error_from)?.into_inner();
            for message in page.units {
                units.push(unit(message).map_err(unreadable)?);
            }
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(Units::new(units));
            }
        }
    }
}

fn unreadable(error: Error) -> Error {
    Error::internal(format_args!("identity's answer cannot be read: {error:?}"))
}

fn unit(message: OrgUnit) -> Result<(String, Home)> {
    Ok((message.path, Home { region: message.region.parse()?, unit: Some(message.unit_id.parse()?) }))
}
