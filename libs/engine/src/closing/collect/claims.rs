//! Claims as attribution reads them: people, records and customers by their places.

use std::collections::{BTreeSet, HashMap};

use tally_kernel::id::PersonId;

use super::Collector;
use crate::attribution::Claim;

/// A claim on the account that is collected.
#[derive(Clone, Copy, Debug)]
pub struct Said<'r> {
    /// Who claims.
    pub person: PersonId,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// The record that is named; empty where none is.
    pub external_id: &'r str,
    /// The customer who is named; empty where none is.
    pub customer: &'r str,
}

/// No record's customer: whom a claim means that names a record which never came.
const NOBODY: u32 = u32::MAX;

impl Collector<'_> {
    /// Those of these external ids that no record of the account has which was pushed.
    pub fn missing<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> BTreeSet<&'i str> {
        let mut ids: BTreeSet<&str> = ids.into_iter().filter(|id| !id.is_empty()).collect();
        for row in &self.records.rows[self.first..] {
            if ids.is_empty() {
                break;
            }
            ids.remove(row.key.as_str());
        }
        ids
    }

    /// Adds claims, once all records were pushed. One of somebody who is not among the people of the component is left out: the plan tells
    /// of those.
    pub fn claims(&mut self, said: &[Said<'_>]) {
        let people: HashMap<PersonId, u32> = self.people.iter().map(|person| person.id).zip(0..).collect();
        let mut named: HashMap<&str, Option<u32>> = said.iter().map(|said| (said.external_id, None)).collect();
        named.remove("");
        if !named.is_empty() {
            for (row, place) in self.records.rows.iter().zip(0_u32..).skip(self.first) {
                if let Some(known) = named.get_mut(row.key.as_str()) {
                    *known = Some(place);
                }
            }
        }
        for said in said {
            let Some(&person) = people.get(&said.person) else { continue };
            let record = named.get(said.external_id).copied();
            let customer = match record {
                Some(None) => Some(NOBODY),
                Some(Some(_)) => None,
                None => self.customer(said.customer),
            };
            let record = record.flatten();
            let (at_ms, day) = (said.at_ms, self.last_begun(said.at_ms, |day| day.cut_over_ms).number);
            self.records.claims.push(Claim { account: self.place, person, at_ms, day, record, customer });
        }
    }
}
