//! What others read and write of the org tree.

pub(crate) use super::store::{insert, states, tree, tree_as_known};
