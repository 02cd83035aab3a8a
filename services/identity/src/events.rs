//! What identity tells others: the events that its use cases emit, and the log that others read.

use tally_api::identity::v1::{BreakGlassEnded, BreakGlassOpened, PersonErased, TenantDeleted};
use tally_app::convert::timestamp;
use tally_app::events::event;
use tally_kernel::Result;
use tally_kernel::id::{ErasureId, PersonId, TenantId};
use tally_store::Event;

use crate::break_glass::domain::BreakGlass;

tally_app::event_room!(tally_api::identity::v1, crate::policy::ReadEvents);

pub(crate) fn person_erased(erasure: ErasureId, person: PersonId) -> Result<Event> {
    event(&PersonErased { erasure_id: erasure.to_string(), person_id: person.to_string() })
}

pub(crate) fn tenant_deleted(tenant: TenantId) -> Result<Event> {
    event(&TenantDeleted { tenant_id: tenant.to_string() })
}

pub(crate) fn break_glass_opened(emergency: &BreakGlass) -> Result<Event> {
    event(&BreakGlassOpened {
        break_glass_id: emergency.id.to_string(),
        principal_id: emergency.principal.to_string(),
        permissions: emergency.permissions.clone(),
        scope: emergency.scope.clone(),
        scope_ref: emergency.scope_ref.clone(),
        until: Some(timestamp(emergency.until)),
    })
}

pub(crate) fn break_glass_ended(emergency: &BreakGlass) -> Result<Event> {
    event(&BreakGlassEnded {
        break_glass_id: emergency.id.to_string(),
        principal_id: emergency.principal.to_string(),
        until: Some(timestamp(emergency.ended_at.unwrap_or(emergency.until))),
    })
}
