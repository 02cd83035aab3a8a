//! Identity, as this service asks it. Called by `app.rs` only, never inside a transaction.
//!
//! The whole group is asked as the service: whom a fact belongs to must not depend on whom the caller may see. The
//! caller's permit was asked for before, and the caller's list is filtered after.

use tally_access::OpContext;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_api::identity::v1::person_service_client::PersonServiceClient;
use tally_api::identity::v1::{
    GetPersonRequest, ListOrgUnitsRequest, ListPeopleRequest, OrgUnit, Person as PersonMessage,
};
use tally_kernel::id::PersonId;
use tally_kernel::page::MAX_SIZE;
use tally_kernel::time::zone;
use tally_kernel::{Error, Result};
use tally_rpc::{Peer, error_from};

use crate::directory::{Employment, Home, People, Person, Units};

/// Whom this service calls.
#[derive(Clone, Debug)]
pub struct Peers {
    /// People and units.
    pub identity: Peer,
}

impl Peers {
    /// Everybody of the group, with all employments.
    ///
    /// # Errors
    /// What identity says, or that it is away.
    pub async fn people(&self, ctx: &OpContext) -> Result<People> {
        let mut client = PersonServiceClient::new(self.identity.channel());
        let (mut people, mut token) = (Vec::new(), String::new());
        loop {
            let ask = ListPeopleRequest { page_size: MAX_SIZE, page_token: token, ..Default::default() };
            let page = client.list_people(self.identity.as_service(ctx, ask)).await.map_err(error_from)?.into_inner();
            for message in page.people {
                people.push(person(message).map_err(unreadable)?);
            }
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(People::new(people));
            }
        }
    }

    /// One person.
    ///
    /// # Errors
    /// `NOT_FOUND`, what identity says, or that it is away.
    pub async fn person(&self, ctx: &OpContext, id: PersonId) -> Result<Person> {
        let ask = GetPersonRequest { person_id: id.to_string(), ..Default::default() };
        let mut client = PersonServiceClient::new(self.identity.channel());
        let reply = client.get_person(self.identity.as_service(ctx, ask)).await.map_err(error_from)?.into_inner();
        person(reply.person.ok_or_else(|| Error::not_found("person", id))?).map_err(unreadable)
    }

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

fn person(message: PersonMessage) -> Result<Person> {
    let mut employments = Vec::with_capacity(message.employments.len());
    for e in message.employments {
        employments.push(Employment {
            from: crate::rpc::date(&e.from)?,
            to: crate::rpc::optional_date(&e.to)?,
            unit: e.unit_id.parse()?,
            unit_path: e.unit_path,
            region: e.region.parse()?,
        });
    }
    employments.sort_by_key(|e| e.from);
    Ok(Person {
        id: message.person_id.parse()?,
        employee_no: message.employee_no,
        zone: zone(&message.zone)?,
        employments,
    })
}

fn unit(message: OrgUnit) -> Result<(String, Home)> {
    Ok((message.path, Home { region: message.region.parse()?, unit: Some(message.unit_id.parse()?) }))
}
