//! Which accounts cannot be attributed apart.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tally_kernel::id::PersonId;

/// Accounts that are joined by people, directly or through others, given the people of each account: places of the accounts, each
/// component sorted, components by their first account.
pub(super) fn components<'a>(people_of: impl IntoIterator<Item = &'a BTreeSet<PersonId>>) -> Vec<Vec<usize>> {
    let mut root: Vec<usize> = Vec::new();
    let mut first_of: HashMap<PersonId, usize> = HashMap::new();
    for (i, people) in people_of.into_iter().enumerate() {
        root.push(i);
        for person in people {
            let other = *first_of.entry(*person).or_insert(i);
            let (a, b) = (find(&mut root, i), find(&mut root, other));
            // The smaller place is the root, so a component is named by its first account.
            root[a.max(b)] = a.min(b);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for i in 0..root.len() {
        groups.entry(find(&mut root, i)).or_default().push(i);
    }
    groups.into_values().collect()
}

fn find(root: &mut [usize], mut i: usize) -> usize {
    while root[i] != i {
        root[i] = root[root[i]];
        i = root[i];
    }
    i
}
