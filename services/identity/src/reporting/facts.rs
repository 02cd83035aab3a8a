//! What others read of reporting lines.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;
use tally_access::Target;
use tally_kernel::Result;
use tally_kernel::id::PersonId;
use tally_store::ScopedTx;

use super::domain::LineKind;
use super::store;

pub(crate) use super::store::lines;

/// Who reports to a manager on a day: by solid lines, directly and through others, and by dotted lines directly. One
/// question to the store for each level, so what it costs follows the answer and not the group.
pub(crate) async fn reports(tx: &ScopedTx, manager: PersonId, day: Date) -> Result<HashMap<PersonId, Target>> {
    let (mut seen, mut found, mut level) = (HashSet::from([manager]), HashMap::new(), vec![manager]);
    while !level.is_empty() {
        let lines = store::to(tx, &level, day).await?;
        level.clear();
        for line in lines.iter().filter(|line| line.kind == LineKind::Solid || line.manager == manager) {
            found.insert(line.person, line.target());
            if line.kind == LineKind::Solid && seen.insert(line.person) {
                level.push(line.person);
            }
        }
    }
    Ok(found)
}
