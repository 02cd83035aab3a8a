//! Identity's tables: those of an export of the group, and those that tell of people.

use tally_access::Permission::{
    self, BreakGlassReview, DelegationAdmin, ErasureRead, LeaveReadMedical, OrgRead, PersonReadIdNumber, PersonReadPii,
    RetentionRead, RoleRead, TenantRead,
};
use tally_kernel::id::PersonId;
use tally_store::{Clear, Fate, Holding, Place, ScopedTx, Telling, Told, plain};

use crate::access::store::grants;
use crate::break_glass::store::break_glasses;
use crate::catalogue::store::entries;
use crate::delegation::store::delegations;
use crate::directory::store::pseudonyms;
use crate::entitlement::store::entitlements;
use crate::erasure::store::{erasures, parts};
use crate::hold::store::holds;
use crate::org::store::states;
use crate::person::store::{employments, leaves, people};
use crate::reporting::store::lines;
use crate::retention::store::retentions;
use crate::role::store::own_roles;
use crate::session::store::{principals, sessions};
use crate::tenant::store::tenants;

impl Told for tenants::Entity {}
impl Told for entitlements::Entity {}
impl Told for states::Entity {}
impl Told for own_roles::Entity {}
impl Told for delegations::Entity {}
impl Told for break_glasses::Entity {}
impl Told for retentions::Entity {}
impl Told for parts::Entity {}

impl Told for people::Entity {
    const SEALED: Option<Permission> = Some(PersonReadIdNumber);

    fn tell<'t>(tx: &'t ScopedTx, row: &'t people::Model, opened: bool) -> Telling<'t> {
        Box::pin(async move {
            let (mut told, person) = (plain(row)?, PersonId(row.id));
            if let Some(sealed) = row.id_number.as_ref().filter(|_| opened) {
                let keys = tx.person_keys([person]).await?;
                let number = keys.open(person, &Place::of(people::Column::IdNumber, row.id), sealed)?;
                told.extend(number.map(|number| ("id_number".to_owned(), number.reveal().into())));
            }
            Ok(told)
        })
    }
}

impl Told for leaves::Entity {
    const SEALED: Option<Permission> = Some(LeaveReadMedical);

    fn tell<'t>(tx: &'t ScopedTx, row: &'t leaves::Model, opened: bool) -> Telling<'t> {
        Box::pin(async move {
            let (mut told, person) = (plain(row)?, PersonId(row.person_id));
            if let Some(sealed) = row.why.as_ref().filter(|_| opened) {
                let keys = tx.person_keys([person]).await?;
                let why = keys.open(person, &Place::of(leaves::Column::Why, row.id), sealed)?;
                told.extend(why.map(|why| plain(&why)).transpose()?.map(|why| ("why".to_owned(), why.into())));
            }
            Ok(told)
        })
    }
}

impl Told for employments::Entity {}
impl Told for lines::Entity {}
impl Told for entries::Entity {}
impl Told for grants::Entity {}
impl Told for principals::Entity {}
impl Told for sessions::Entity {}
impl Told for holds::Entity {}
impl Told for erasures::Entity {}
impl Told for pseudonyms::Entity {}

/// The tables of the group beside [`HOLDINGS`].
pub const GROUP: [Holding; 9] = [
    Holding::of_the_group::<tenants::Entity>(TenantRead),
    Holding::of_the_group::<entitlements::Entity>(TenantRead),
    Holding::of_the_group::<states::Entity>(OrgRead),
    Holding::of_the_group::<entries::Entity>(OrgRead),
    Holding::of_the_group::<own_roles::Entity>(RoleRead),
    Holding::of_the_group::<delegations::Entity>(DelegationAdmin),
    Holding::of_the_group::<break_glasses::Entity>(BreakGlassReview),
    Holding::of_the_group::<retentions::Entity>(RetentionRead),
    Holding::of_the_group::<parts::Entity>(ErasureRead),
];

/// The tables that tell of people, and those whose rows are kept for a time.
pub const HOLDINGS: [Holding; 10] = [
    Holding::of::<people::Entity>(
        PersonReadPii,
        // The index is computed from the number and survives the key.
        Fate::Cleared(&[
            ("employee_no", Clear::Pseudonym),
            ("name", Clear::Pseudonym),
            ("id_number", Clear::Null),
            ("id_number_index", Clear::Null),
        ]),
        None,
    ),
    Holding::of::<employments::Entity>(PersonReadPii, Fate::Cleared(&[("employee_no", Clear::Pseudonym)]), None),
    Holding::of::<leaves::Entity>(PersonReadPii, Fate::Deleted, None),
    Holding::of::<lines::Entity>(PersonReadPii, Fate::Kept("ids alone: who answered for whom"), None),
    Holding::of::<grants::Entity>(
        PersonReadPii,
        Fate::Cleared(&[("reason", Clear::Empty), ("revoke_reason", Clear::Null)]),
        None,
    ),
    Holding::of::<principals::Entity>(
        PersonReadPii,
        Fate::Cleared(&[("name", Clear::Pseudonym), ("password_hash", Clear::Null), ("one_time_until", Clear::Null)]),
        None,
    ),
    Holding::of::<holds::Entity>(PersonReadPii, Fate::Kept("shows what was held back, and why"), None),
    Holding::of::<pseudonyms::Entity>(PersonReadPii, Fate::Deleted, None),
    Holding::of::<erasures::Entity>(PersonReadPii, Fate::Kept("shows that it was done, by whom"), None),
    Holding::of::<sessions::Entity>(
        PersonReadPii,
        Fate::Kept("tells of logins; what hangs on a person's login goes with it"),
        Some(("identity.sessions", "expires_at")),
    ),
];
