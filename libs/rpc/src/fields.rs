//! What a caller may not read is neither shown nor asked by: the one place where data classes and permissions meet.
//!
//! Every field of the contracts has a data class, every permission opens one, and an rpc says in its policy row which
//! permissions open its answers ([`Rpc::OPENERS`]). Which fields are cleared, and by which fields nobody may filter, follows.

use std::collections::BTreeSet;

use tally_access::{DataClass as Opened, OpContext, Permission, Rpc, Target};
use tally_api::classes::{self, DataClass};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::msg;

/// Clears every field that the caller may not read of a row about `targets`, at any depth, and gives the sorted paths of
/// those that held something. One target that the caller reaches is enough. `name` is the message's full name, such as
/// `tally.identity.v1.Person`.
pub fn mask<R: Rpc, M>(ctx: &OpContext, name: &str, message: &mut M, targets: &[Target]) -> Vec<String>
where
    M: prost::Message + Default,
{
    let opens = |p: &Permission| targets.iter().any(|target| ctx.may(*p, target));
    let open: Vec<_> = R::OPENERS.iter().filter(|p| opens(p)).map(|p| class_of(*p)).collect();
    classes::mask(name, message, |class| is_free(class) || open.contains(&class))
}

/// The fields that were cleared in the rows of a list: each path once, below the name of the list.
pub fn masked_in(list: &str, rows: impl IntoIterator<Item = Vec<String>>) -> Vec<String> {
    let paths: BTreeSet<String> = rows.into_iter().flatten().map(|path| format!("{list}.{path}")).collect();
    paths.into_iter().collect()
}

/// Refuses a question that filters by a value whose class nothing opens for the caller: the answer would tell the value.
/// `name` is the message's full name.
///
/// # Errors
/// `FIELD_NOT_READABLE` with the field and the permission that is missing.
pub fn may_ask_by<R: Rpc>(ctx: &OpContext, name: &str, question: &impl prost::Message) -> Result<()> {
    for (path, class) in classes::set_fields(name, &question.encode_to_vec()) {
        let mut openers = openers::<R>().filter(|p| class_of(*p) == class);
        if is_free(class) || openers.clone().any(|p| ctx.may_somewhere(p)) {
            continue;
        }
        let wanted = openers.next().map_or("a permission that nobody has", Permission::name);
        return Err(Error::of(Kind::PermissionDenied, msg!("FIELD_NOT_READABLE", field = path, permission = wanted)));
    }
    Ok(())
}

fn openers<R: Rpc>() -> impl Iterator<Item = Permission> + Clone {
    R::OPENERS.iter().copied().chain(R::NEEDS.permission())
}

/// The class of the contracts that a permission opens.
pub fn class_of(permission: Permission) -> DataClass {
    match permission.data_class() {
        Opened::Public => DataClass::Public,
        Opened::Internal => DataClass::Internal,
        Opened::Pii => DataClass::Pii,
        Opened::IdNumber => DataClass::IdNumber,
        Opened::Salary => DataClass::Salary,
        Opened::Rating => DataClass::Rating,
        Opened::Location => DataClass::Location,
        Opened::Medical => DataClass::Medical,
    }
}

/// Whether whoever may call an rpc may read such fields.
pub fn is_free(class: DataClass) -> bool {
    match class {
        DataClass::Public | DataClass::Internal => true,
        DataClass::Unspecified
        | DataClass::Pii
        | DataClass::IdNumber
        | DataClass::Salary
        | DataClass::Rating
        | DataClass::Location
        | DataClass::Medical => false,
    }
}
