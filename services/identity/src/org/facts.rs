//! What others read and write of the org tree.

pub(crate) use super::store::{all_of, insert, known, states, tree, tree_as_known};
