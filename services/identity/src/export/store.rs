//! Identity's tables: those of an export of the group, and those that tell of people.

use tally_access::Permission::{PersonRead, PersonReadPii};
use tally_store::{Clear, Fate, Holding, Told};

use crate::access::store::grants;
use crate::catalogue::store::entries;
use crate::erasure::store::erasures;
use crate::hold::store::holds;
use crate::org::store::states;
use crate::person::store::{employments, leaves, people};
use crate::reporting::store::lines;
use crate::session::store::{principals, sessions};
use crate::tenant::store::tenants;

impl Told for tenants::Entity {}
impl Told for states::Entity {}
impl Told for people::Entity {}
impl Told for employments::Entity {}
impl Told for leaves::Entity {}
impl Told for lines::Entity {}
impl Told for entries::Entity {}
impl Told for grants::Entity {}
impl Told for principals::Entity {}
impl Told for sessions::Entity {}
impl Told for holds::Entity {}
impl Told for erasures::Entity {}

const PEOPLE: Holding = Holding::of::<people::Entity>(
    PersonReadPii,
    Fate::Cleared(&[("employee_no", Clear::Pseudonym), ("name", Clear::Pseudonym)]),
    None,
);
const EMPLOYMENTS: Holding =
    Holding::of::<employments::Entity>(PersonReadPii, Fate::Cleared(&[("employee_no", Clear::Pseudonym)]), None);
const LEAVES: Holding = Holding::of::<leaves::Entity>(PersonReadPii, Fate::Deleted, None);
const LINES: Holding =
    Holding::of::<lines::Entity>(PersonReadPii, Fate::Kept("ids alone: who answered for whom"), None);
const GRANTS: Holding = Holding::of::<grants::Entity>(
    PersonReadPii,
    Fate::Cleared(&[("reason", Clear::Empty), ("revoke_reason", Clear::Null)]),
    None,
);
/// A table of the group and not of people.
const fn of_the_group<E>() -> Holding
where
    E: Told,
    E::Model: serde::Serialize + Send + Sync,
{
    Holding::of::<E>(PersonRead, Fate::Kept("tells of nobody"), None)
}

/// The tables of an export of the group, in its order. Logins are nobody else's.
pub(crate) const GROUP: [Holding; 8] = [
    of_the_group::<tenants::Entity>(),
    of_the_group::<states::Entity>(),
    PEOPLE,
    EMPLOYMENTS,
    LEAVES,
    LINES,
    of_the_group::<entries::Entity>(),
    GRANTS,
];

/// The tables that tell of people, and those whose rows are kept for a time.
pub const HOLDINGS: [Holding; 9] = [
    PEOPLE,
    EMPLOYMENTS,
    LEAVES,
    LINES,
    GRANTS,
    Holding::of::<principals::Entity>(
        PersonReadPii,
        Fate::Cleared(&[("name", Clear::Pseudonym), ("password_hash", Clear::Null), ("one_time_until", Clear::Null)]),
        None,
    ),
    Holding::of::<holds::Entity>(PersonReadPii, Fate::Kept("shows what was held back, and why"), None),
    Holding::of::<erasures::Entity>(PersonReadPii, Fate::Kept("shows that it was done, by whom"), None),
    Holding::of::<sessions::Entity>(
        PersonReadPii,
        Fate::Kept("tells of logins; what hangs on a person's login goes with it"),
        Some(("identity.sessions", "expires_at")),
    ),
];
