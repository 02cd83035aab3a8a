//! A bundle goes into the suite through the same rpcs that an integrator would call: the command line imports with it, and the console.
//!
//! The modules from below to above: each stands on those before it alone (`cargo xtask tidy` holds this).
//!
//! - modules: said, caller, kept_back, taken, census, units, devices, organisation, rates, records, replies, claims, observations, report, send
//!
//! Architecture invariant: it writes and reads through public rpcs alone, as whoever imports. What is in counts as there already, so that an
//! import can be sent again at any time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use jiff::Timestamp;
use tally_bundle::{AccountIx, Bundle, BundleAccount, PersonIx};
use tally_kernel::msg;
use uuid::Uuid;

use said::Said;

mod caller;
mod census;
mod claims;
mod devices;
mod kept_back;
mod observations;
mod organisation;
mod rates;
mod records;
mod replies;
mod report;
pub mod said;
mod send;
mod taken;
mod units;

pub use caller::{Caller, Channels};
pub use census::{Census, census};
pub use claims::claims;
pub use observations::observations;
pub use organisation::organisation;
pub use rates::rates;
pub use records::{record, records};
pub use replies::replies;
pub use report::{FileReport, Report};
pub use send::{Step, damage, fits, send};
pub use taken::{Counted, Refused, Taken};
pub use units::{unit_ids, units_there};

/// What the report calls the org units, which have no file.
pub const UNITS: &str = "org units";
/// Rows of an import.
const CHUNK: usize = 5_000;

/// The ids that the suite gave to people and accounts, by their index in the bundle; empty for one that it does not have.
#[derive(Debug)]
pub struct Ids {
    /// Units by path: the bundle's paths as it means them, and the others as they are today.
    pub units: BTreeMap<String, String>,
    /// Ids of people.
    pub people: Vec<String>,
    /// Ids of accounts.
    pub accounts: Vec<String>,
    /// Units and regions of the accounts; the unit is empty for an account that everybody serves.
    pub places: Vec<(String, String)>,
    /// Back from a person's id.
    pub person_of: HashMap<Uuid, PersonIx>,
    /// Back from an account's id.
    pub account_of: HashMap<Uuid, AccountIx>,
}

impl Ids {
    /// The person with this id.
    pub fn person(&self, id: &str) -> Result<PersonIx> {
        let known = Uuid::parse_str(id).ok().and_then(|id| self.person_of.get(&id));
        known.copied().ok_or_else(|| Said(msg!("SUITE_NAMES_ANOTHER_PERSON", id)).into())
    }

    /// The account with this id.
    pub fn account(&self, id: &str) -> Result<AccountIx> {
        let known = Uuid::parse_str(id).ok().and_then(|id| self.account_of.get(&id));
        known.copied().ok_or_else(|| Said(msg!("SUITE_NAMES_ANOTHER_ACCOUNT", id)).into())
    }
}

/// The branches that the bundle's people and accounts are of.
pub fn branches(bundle: &Bundle) -> BTreeSet<&str> {
    let of_people = bundle.people.iter().flat_map(|p| &p.employments).map(|e| e.org_unit.as_str());
    let of_accounts = bundle.accounts.iter().filter_map(|a| a.team.as_deref());
    of_people.chain(of_accounts).map(|path| path.split('/').next().unwrap_or(path)).collect()
}

/// Regions that the bundle's people and accounts live in.
pub fn regions(bundle: &Bundle) -> BTreeSet<String> {
    let employments = bundle.people.iter().flat_map(|p| &p.employments);
    let of_people = employments.map(|e| bundle.region_of(&e.org_unit).to_owned());
    of_people.chain(bundle.accounts.iter().map(|a| region(bundle, a))).collect()
}

fn region(bundle: &Bundle, account: &BundleAccount) -> String {
    let team = account.team.as_deref();
    // An account that everybody serves belongs to no branch: the first branch's region keeps its records.
    let first = || bundle.people.first().map_or("", |p| p.home(bundle.period.to).org_unit.as_str());
    bundle.region_of(team.unwrap_or_else(first)).to_owned()
}

/// How files name a person.
fn number(bundle: &Bundle, person: PersonIx) -> String {
    bundle.person(person).employee_no.clone()
}

/// An instant of the contracts.
fn instant(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}
