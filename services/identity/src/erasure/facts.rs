//! What others read of erasures.

use tally_kernel::Result;
use tally_kernel::id::PersonId;
use tally_store::UnitOfWork;

use super::domain::ErasureError;
use super::store;

pub(crate) use super::store::{erasures, parts};

/// Refuses to write anything about a person who was erased.
///
/// # Errors
/// `PERSON_ERASED`.
pub(crate) async fn refuse_erased(work: &UnitOfWork, person: PersonId) -> Result<()> {
    if store::is_erased(work, person).await? { Err(ErasureError::Erased(person).into()) } else { Ok(()) }
}
