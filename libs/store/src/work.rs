//! What writes: the unit of work with all that is done in one, and the store's own units, of reads, rotations and work items.

pub(crate) mod blind_index;
pub mod dated;
pub(crate) mod idempotency;
pub(crate) mod items;
pub(crate) mod person_keys;
pub(crate) mod reads;
pub(crate) mod rotate;
pub(crate) mod tenant_purge;
pub(crate) mod unit_of_work;
