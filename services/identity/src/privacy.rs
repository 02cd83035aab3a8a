//! Identity's tables: those of an export of the group, and those that tell of people.

use tally_access::Permission::{
    self, BreakGlassReview, DelegationAdmin, ErasureRead, LeaveReadMedical, OrgRead, PersonReadIdNumber, PersonReadPii,
    RateRead, RetentionRead, RoleRead, TenantRead,
};
use tally_kernel::id::PersonId;
use tally_privacy::{Clear, DataTable, ErasureRule, ExportCells, Exported, plain};
use tally_store::{Place, ScopedTx};

use crate::access::facts::grants;
use crate::break_glass::facts::break_glasses;
use crate::catalogue::facts::entries;
use crate::delegation::facts::delegations;
use crate::directory::facts::pseudonyms;
use crate::entitlement::facts::entitlements;
use crate::erasure::facts::{erasures, parts};
use crate::hold::facts::holds;
use crate::org::facts::states;
use crate::person::facts::{employments, leaves, people};
use crate::rate::facts::rates;
use crate::reporting::facts::lines;
use crate::retention::facts::retentions;
use crate::role::facts::own_roles;
use crate::session::facts::{principals, sessions};
use crate::tenant::facts::tenants;

impl Exported for tenants::Entity {}
impl Exported for entitlements::Entity {}
impl Exported for states::Entity {}
impl Exported for own_roles::Entity {}
impl Exported for delegations::Entity {}
impl Exported for break_glasses::Entity {}
impl Exported for retentions::Entity {}
impl Exported for parts::Entity {}

impl Exported for people::Entity {
    const SEALED: Option<Permission> = Some(PersonReadIdNumber);

    fn tell<'t>(tx: &'t ScopedTx, row: &'t people::Model, opened: bool) -> ExportCells<'t> {
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

impl Exported for leaves::Entity {
    const SEALED: Option<Permission> = Some(LeaveReadMedical);

    fn tell<'t>(tx: &'t ScopedTx, row: &'t leaves::Model, opened: bool) -> ExportCells<'t> {
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

impl Exported for employments::Entity {}
impl Exported for lines::Entity {}
impl Exported for entries::Entity {}
impl Exported for rates::Entity {}
impl Exported for grants::Entity {}
impl Exported for principals::Entity {}
impl Exported for sessions::Entity {}
impl Exported for holds::Entity {}
impl Exported for erasures::Entity {}
impl Exported for pseudonyms::Entity {}

/// The tables of the group beside [`DATA_TABLES`].
pub const GROUP: [DataTable; 10] = [
    DataTable::of_the_group::<tenants::Entity>(TenantRead),
    DataTable::of_the_group::<entitlements::Entity>(TenantRead),
    DataTable::of_the_group::<states::Entity>(OrgRead),
    DataTable::of_the_group::<entries::Entity>(OrgRead),
    DataTable::of_the_group::<rates::Entity>(RateRead),
    DataTable::of_the_group::<own_roles::Entity>(RoleRead),
    DataTable::of_the_group::<delegations::Entity>(DelegationAdmin),
    DataTable::of_the_group::<break_glasses::Entity>(BreakGlassReview),
    DataTable::of_the_group::<retentions::Entity>(RetentionRead),
    DataTable::of_the_group::<parts::Entity>(ErasureRead),
];

/// The tables that tell of people, and those whose rows are kept for a time.
pub const DATA_TABLES: [DataTable; 10] = [
    DataTable::of::<people::Entity>(
        PersonReadPii,
        // The index is computed from the number and survives the key.
        ErasureRule::Cleared(&[
            ("employee_no", Clear::Pseudonym),
            ("name", Clear::Pseudonym),
            ("id_number", Clear::Null),
            ("id_number_index", Clear::Null),
        ]),
        None,
    ),
    DataTable::of::<employments::Entity>(
        PersonReadPii,
        ErasureRule::Cleared(&[("employee_no", Clear::Pseudonym)]),
        None,
    ),
    DataTable::of::<leaves::Entity>(PersonReadPii, ErasureRule::Deleted, None),
    DataTable::of::<lines::Entity>(PersonReadPii, ErasureRule::Kept("ids alone: who answered for whom"), None),
    DataTable::of::<grants::Entity>(
        PersonReadPii,
        ErasureRule::Cleared(&[("reason", Clear::Empty), ("revoke_reason", Clear::Null)]),
        None,
    ),
    DataTable::of::<principals::Entity>(
        PersonReadPii,
        ErasureRule::Cleared(&[
            ("name", Clear::Pseudonym),
            ("password_hash", Clear::Null),
            ("one_time_until", Clear::Null),
            ("reset_asked_at", Clear::Null),
        ]),
        None,
    ),
    DataTable::of::<holds::Entity>(PersonReadPii, ErasureRule::Kept("shows what was held back, and why"), None),
    DataTable::of::<pseudonyms::Entity>(PersonReadPii, ErasureRule::Deleted, None),
    DataTable::of::<erasures::Entity>(PersonReadPii, ErasureRule::Kept("shows that it was done, by whom"), None),
    DataTable::of::<sessions::Entity>(
        PersonReadPii,
        ErasureRule::Kept("tells of logins; what hangs on a person's login goes with it"),
        Some(("identity.sessions", "expires_at")),
    ),
];
