//! Names by ids: pages show people, units and accounts as they are called, and ids stand in addresses alone. Whom the reader may not read
//! has no name here.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use tally_access::Permission;
use tally_api::attendance::v1::ListAccountsRequest;
use tally_api::attendance::v1::account_service_client::AccountServiceClient;
use tally_api::identity::v1::check_service_client::CheckServiceClient;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_api::identity::v1::person_service_client::PersonServiceClient;
use tally_api::identity::v1::{
    GetPersonRequest, ListOrgUnitsRequest, ListPeopleRequest, Person, Post, ReviewAccessRequest,
};
use tally_kernel::{Kind, Result};

use crate::console::told;
use crate::visit::Visit;

/// Rows that a service gives at once.
pub const AT_ONCE: u32 = 1_000;
/// So many people are asked for one by one; more are cheaper as a list.
const FEW: usize = 4;
/// What every role of a person that works for others may do: who holds it is nearly everybody with a login.
const HELD_BY_MOST: &str = "identity.org.read";

/// What a person is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub number: String,
    /// Path of the unit of the home post, the last one known.
    pub unit: String,
}

/// The names of people, as far as the reader may read them.
pub async fn people(visit: &Visit, ids: &BTreeSet<String>) -> Result<BTreeMap<String, Named>> {
    if ids.is_empty() || !visit.me().may(Permission::PersonRead) {
        return Ok(BTreeMap::new());
    }
    let people = if ids.len() > FEW {
        everybody(visit).await?
    } else {
        try_join_all(ids.iter().map(|id| one(visit, id))).await?.into_iter().flatten().collect()
    };
    let wanted = people.into_iter().filter(|person| ids.contains(&person.person_id));
    Ok(wanted.map(|person| (person.person_id.clone(), named(person))).collect())
}

/// A person by the employee number, for who may read names.
pub async fn numbered(visit: &Visit, employee_no: &str) -> Result<Person> {
    let ask = GetPersonRequest { employee_no: employee_no.to_owned(), ..Default::default() };
    let client = PersonServiceClient::new(visit.channel("identity")?);
    Ok(told(client.clone().get_person(visit.request(ask))).await?.person.unwrap_or_default())
}

async fn one(visit: &Visit, id: &str) -> Result<Option<Person>> {
    let ask = GetPersonRequest { person_id: id.to_owned(), ..Default::default() };
    match told(PersonServiceClient::new(visit.channel("identity")?).get_person(visit.request(ask))).await {
        Ok(reply) => Ok(reply.person),
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::PermissionDenied | Kind::InvalidArgument) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn everybody(visit: &Visit) -> Result<Vec<Person>> {
    let client =
        PersonServiceClient::new(visit.channel("identity")?).max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    tally_rpc::pages(async |page_token| {
        let ask = ListPeopleRequest { page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_people(visit.request(ask)).await?.into_inner();
        Ok((page.people, page.next_page_token))
    })
    .await
}

fn named(person: Person) -> Named {
    let home = person.employments.iter().rev().find(|it| it.post() == Post::Home);
    let unit = home.map(|it| it.unit_path.clone()).unwrap_or_default();
    Named { name: person.name, number: person.employee_no, unit }
}

/// The paths of units as of a day (empty for today); the root, which has none, by its name.
pub async fn units(visit: &Visit, day: &str) -> Result<BTreeMap<String, String>> {
    if !visit.me().may(Permission::OrgRead) {
        return Ok(BTreeMap::new());
    }
    let client = OrgServiceClient::new(visit.channel("identity")?);
    let units = tally_rpc::pages(async |page_token| {
        let ask = ListOrgUnitsRequest { as_of: day.to_owned(), page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_org_units(visit.request(ask)).await?.into_inner();
        Ok((page.units, page.next_page_token))
    })
    .await?;
    let called = |path: String, name: String| if path.is_empty() { name } else { path };
    Ok(units.into_iter().map(|unit| (unit.unit_id, called(unit.path, unit.name))).collect())
}

/// The accounts that the reader may see, as `platform/store/name`.
pub async fn accounts(visit: &Visit) -> Result<BTreeMap<String, String>> {
    if !visit.me().may(Permission::AccountRead) {
        return Ok(BTreeMap::new());
    }
    let client = AccountServiceClient::new(visit.channel("attendance")?);
    let accounts = tally_rpc::pages(async |page_token| {
        let ask = ListAccountsRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_accounts(visit.request(ask)).await?.into_inner();
        Ok((page.accounts, page.next_page_token))
    })
    .await?;
    Ok(accounts.into_iter().map(|account| (account.account_id, account.key)).collect())
}

/// The sign-in names of those who hold a role, for who may read grants; nobody's for others.
pub async fn logins(visit: &Visit) -> Result<BTreeMap<String, String>> {
    if !visit.me().may_others(Permission::GrantRead) {
        return Ok(BTreeMap::new());
    }
    let client = CheckServiceClient::new(visit.channel("identity")?);
    let rows = tally_rpc::pages(async |page_token| {
        let ask = ReviewAccessRequest { permission: HELD_BY_MOST.to_owned(), page_size: AT_ONCE, page_token };
        let page = client.clone().review_access(visit.request(ask)).await?.into_inner();
        Ok((page.rows, page.next_page_token))
    })
    .await?;
    let row = |row: tally_api::identity::v1::AccessReviewRow| Some((row.grant?.principal_id, row.login));
    Ok(rows.into_iter().filter_map(row).filter(|(_, login)| !login.is_empty()).collect())
}
