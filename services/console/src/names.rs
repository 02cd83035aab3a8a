//! Names before ids: what people, units and accounts are called, and who or what is meant by what somebody typed.

use std::collections::BTreeMap;

use tally_access::Permission;
use tally_api::attendance::v1::account_service_client::AccountServiceClient;
use tally_api::attendance::v1::{Account, ListAccountsRequest};
use tally_api::common::v1::Period;
use tally_api::identity::v1::check_service_client::CheckServiceClient;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_api::identity::v1::person_service_client::PersonServiceClient;
use tally_api::identity::v1::{
    AccessReviewRow, ListOrgUnitsRequest, ListPeopleRequest, OrgUnit, Person, ReviewAccessRequest,
};
use tally_kernel::{Message, Result, msg};

use crate::ui::form::Choice;
use crate::visit::Visit;

/// Rows that a service gives at once.
pub const AT_ONCE: u32 = 1_000;
/// Names that a sentence lists.
const TOLD: usize = 5;
/// Signs of an id that stand for whoever has no name for the reader.
const SIGNS: usize = 6;

/// Names by id.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<String, Named>);

/// What one of them is called.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// As pages and lists of proposals show it, such as `Li Wei (10027)`.
    pub label: String,
    /// What it may be called besides: a name, a number, a path.
    pub words: Vec<String>,
}

impl Names {
    /// Of people.
    pub fn of_people(people: &[Person]) -> Self {
        Self(people.iter().map(|person| (person.person_id.clone(), named(person))).collect())
    }

    /// Of units: their paths; the root by its name.
    pub fn of_units(units: &[OrgUnit]) -> Self {
        let named = |unit: &OrgUnit| {
            let label = if unit.path.is_empty() { unit.name.clone() } else { unit.path.clone() };
            (unit.unit_id.clone(), Named { label, words: vec![unit.name.clone()] })
        };
        Self(units.iter().map(named).collect())
    }

    /// Of accounts: platform, store and name.
    pub fn of_accounts(accounts: &[Account]) -> Self {
        let named = |it: &Account| {
            let words = vec![it.key.clone(), it.name.clone()];
            (it.account_id.clone(), Named { label: format!("{} / {} / {}", it.platform, it.store, it.name), words })
        };
        Self(accounts.iter().map(named).collect())
    }

    /// What one is called; one that has no name for the reader goes by the end of its id.
    pub fn said(&self, id: &str) -> String {
        self.0.get(id).map_or_else(|| short(id), |named| named.label.clone())
    }

    /// Whether the reader sees it.
    pub fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// All as choices, in the order of their names.
    pub fn choices(&self) -> Vec<Choice> {
        let mut choices: Vec<_> = self.0.iter().map(|(id, named)| Choice::new(id, &named.label)).collect();
        choices.sort_by(|a, b| a.label.cmp(&b.label));
        choices
    }

    /// All as proposals of a field that is typed in.
    pub fn labels(&self) -> Vec<String> {
        self.choices().into_iter().map(|choice| choice.label).collect()
    }

    /// Who or what is meant: by the label, or by a word that only one has.
    ///
    /// # Errors
    /// What to say beside the field: nobody, or several.
    pub fn find(&self, text: &str) -> Result<String, Message> {
        let text = text.trim();
        if text.is_empty() {
            return Err(msg!("TEXT_EMPTY"));
        }
        let same = |word: &str| word.to_lowercase() == text.to_lowercase();
        let labelled = |(_, named): &(&String, &Named)| same(&named.label);
        let worded = |(_, named): &(&String, &Named)| named.words.iter().any(|word| same(word));
        let mut found: Vec<_> = self.0.iter().filter(labelled).collect();
        if found.is_empty() {
            found = self.0.iter().filter(worded).collect();
        }
        match found[..] {
            [] => Err(msg!("UI_NOBODY_CALLED", text)),
            [(id, _)] => Ok(id.clone()),
            _ => {
                let names: Vec<_> = found.iter().take(TOLD).map(|(_, named)| named.label.as_str()).collect();
                Err(msg!("UI_SEVERAL_CALLED", text, names = names.join("; ")))
            }
        }
    }
}

fn named(person: &Person) -> Named {
    let Person { name, employee_no, .. } = person;
    let label = match (name.is_empty(), employee_no.is_empty()) {
        (false, false) => format!("{name} ({employee_no})"),
        (false, true) => name.clone(),
        (true, false) => employee_no.clone(),
        (true, true) => short(&person.person_id),
    };
    Named { label, words: vec![employee_no.clone(), name.clone()] }
}

/// The end of an id: its beginning is a time, which many share.
fn short(id: &str) -> String {
    if id.is_empty() {
        return "–".to_owned();
    }
    let from = id.char_indices().rev().nth(SIGNS - 1).map_or(0, |(at, _)| at);
    format!("…{}", id.get(from..).unwrap_or(id))
}

/// Everybody whom the reader may see: employed on some day of a period (nothing: on any), as known at an instant (nothing: now).
///
/// # Errors
/// What identity refuses.
pub async fn everybody(
    visit: &Visit,
    period: Option<Period>,
    known_at: Option<prost_types::Timestamp>,
) -> Result<Vec<Person>> {
    let client =
        PersonServiceClient::new(visit.channel("identity")?).max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    tally_rpc::pages(async |page_token| {
        let period = period.clone();
        let ask = ListPeopleRequest { period, page_size: AT_ONCE, page_token, known_at, ..Default::default() };
        let page = client.clone().list_people(visit.request(ask)).await?.into_inner();
        Ok((page.people, page.next_page_token))
    })
    .await
}

/// Names of everybody whom the reader may see.
///
/// # Errors
/// What identity refuses.
pub async fn people(visit: &Visit) -> Result<Names> {
    everybody(visit, None, None).await.map(|people| Names::of_people(&people))
}

/// The units of a day (`2026-03-01`; empty for today), parents before children, as known at an instant (nothing: now).
///
/// # Errors
/// What identity refuses.
pub async fn units(visit: &Visit, day: &str, known_at: Option<prost_types::Timestamp>) -> Result<Vec<OrgUnit>> {
    let client = OrgServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListOrgUnitsRequest {
            as_of: day.to_owned(),
            page_size: AT_ONCE,
            page_token,
            known_at,
            ..Default::default()
        };
        let page = client.clone().list_org_units(visit.request(ask)).await?.into_inner();
        Ok((page.units, page.next_page_token))
    })
    .await
}

/// The accounts that the reader may see; none without the permission.
///
/// # Errors
/// What attendance refuses.
pub async fn accounts(visit: &Visit) -> Result<Vec<Account>> {
    if !visit.me().may(Permission::AccountRead) {
        return Ok(Vec::new());
    }
    let client = AccountServiceClient::new(visit.channel("attendance")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListAccountsRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_accounts(visit.request(ask)).await?.into_inner();
        Ok((page.accounts, page.next_page_token))
    })
    .await
}

/// What the holders of a permission are called, by principal: their person, else how they sign in. Nobody where the reader may not read who
/// has which rights: no other rpc tells whom a principal is.
///
/// # Errors
/// What identity refuses.
pub async fn principals(visit: &Visit, permission: Permission, people: &Names) -> Result<Names> {
    if !visit.me().may(Permission::GrantRead) {
        return Ok(Names::default());
    }
    let client = CheckServiceClient::new(visit.channel("identity")?);
    let rows: Vec<AccessReviewRow> = tally_rpc::pages(async |page_token| {
        let permission = permission.name().to_owned();
        let ask = ReviewAccessRequest { permission, page_size: AT_ONCE, page_token };
        let page = client.clone().review_access(visit.request(ask)).await?.into_inner();
        Ok((page.rows, page.next_page_token))
    })
    .await?;
    let named = |row: AccessReviewRow| {
        let label = if row.person_id.is_empty() { row.login.clone() } else { people.said(&row.person_id) };
        let named = Named { label, words: vec![row.login] };
        Some((row.grant?.principal_id, named)).filter(|(_, named)| !named.label.is_empty())
    };
    Ok(Names(rows.into_iter().filter_map(named).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str, name: &str, number: &str) -> Person {
        Person { person_id: id.into(), name: name.into(), employee_no: number.into(), ..Default::default() }
    }

    fn names() -> Names {
        Names::of_people(&[
            person("id-1", "Li Wei", "101"),
            person("id-2", "Li Wei", "102"),
            person("id-3", "Zoë Ma", "103"),
            person("019d48ea-abcdef", "", ""),
        ])
    }

    #[test]
    fn somebody_is_found_by_label_number_or_a_name_of_their_own() {
        for text in ["Li Wei (102)", "102", " li wei (102) "] {
            assert_eq!(names().find(text), Ok("id-2".to_owned()), "{text}");
        }
        assert_eq!(names().find("ZOË MA"), Ok("id-3".to_owned()));
    }

    #[test]
    fn a_name_of_several_or_of_nobody_is_said() {
        let several = names().find("Li Wei").expect_err("two of them");
        assert_eq!(several, msg!("UI_SEVERAL_CALLED", text = "Li Wei", names = "Li Wei (101); Li Wei (102)"));
        assert_eq!(names().find("Bo").expect_err("nobody"), msg!("UI_NOBODY_CALLED", text = "Bo"));
        assert_eq!(names().find(" ").expect_err("empty"), msg!("TEXT_EMPTY"));
    }

    #[test]
    fn who_has_no_name_for_the_reader_goes_by_the_end_of_the_id() {
        assert_eq!(names().said("019d48ea-abcdef"), "…abcdef");
        assert_eq!(names().said(""), "–");
        assert_eq!(names().said("gone-1"), "…gone-1");
    }
}
